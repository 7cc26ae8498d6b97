/* Where the keys come from that requests to AWS are signed with ("AWS SDKs and Tools reference guide", credential providers), in this order:

   1  the config: a pair of keys of the model's entry or its provider's, or a profile that one of them names
   2  AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN
   3  the profile AWS_PROFILE, or `default`, of ~/.aws/config and ~/.aws/credentials
   4  a container's endpoint: AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI
   5  the instance's metadata service, version 2, unless AWS_EC2_METADATA_DISABLED

   The last two are asked over HTTP. That is a machine of steps without I/O: llmfi_aws_request says what to ask, llmfi_aws_answer takes what came; the engine
   carries it out (engine/keys.h). What must be exchanged for keys at STS or SSO (roles, web identities), and programs that print keys, are not used: who has set
   up one of them means no other keys, so nothing behind it is tried. */
#ifndef LLMFI_FACTORY_AWS_H
#define LLMFI_FACTORY_AWS_H
#include "../../providers/common.h"
#include "../wire/sigv4.h"
#include "aws_profile.h"
#include "env.h"
#include "record.h"

#if LLMF_HAS_AWS

/* Milliseconds that a profile's keys count before its files are read again; that a failure to get keys is remembered; before their end that keys are renewed; that
   keys without an end, or with one that has gone by, are used. */
enum { LLMFI_AWS_PROFILE_MS = 60000, LLMFI_AWS_FAILED_MS = 10000, LLMFI_AWS_EARLY_MS = 300000, LLMFI_AWS_ANYWAY_MS = 300000 };
enum { LLMFI_AWS_TRIES = 6 };                /* answers 5xx, or 401 as the token has ended, that one asking survives, plus one */
#define LLMFI_AWS_IMDS_V4 "http://169.254.169.254"
#define LLMFI_AWS_IMDS_V6 "http://[fd00:ec2::254]"
#define LLMFI_AWS_CONTAINER "http://169.254.170.2"
#define LLMFI_AWS_TTL "21600"

enum { LLMFI_AWS_NONE, LLMFI_AWS_READY, LLMFI_AWS_ASK };
enum { LLMFI_STEP_IDLE, LLMFI_STEP_CONTAINER, LLMFI_STEP_TOKEN, LLMFI_STEP_ROLE, LLMFI_STEP_KEYS };

/* Keys that are kept, each text with a NUL behind it; wiped before they go. */
typedef struct llmfi_aws_kept {
    llmfi_buf text;
    size_t id, secret, token, name;          /* where each begins; name: of the profile, or nothing */
    int64_t expires_ms, renew_ms;            /* 0: there are none */
} llmfi_aws_kept;

typedef struct llmfi_aws {
    llmfi_heap *heap;
    llmfi_aws_kept profile, fetched;
    const char *why;                         /* why the last asking gave none; NULL: it has not failed. Static */
    int64_t failed_ms;                       /* when it did */
    int step, tries;                         /* of the asking under way */
    llmfi_buf base, url, header;             /* the metadata service's address; of the request: its URL, the value of its header */
    llmfi_buf token;                         /* of a session with the metadata service */
} llmfi_aws;

/* One request of the asking; texts live until the next step. */
typedef struct llmfi_aws_request {
    llmf_str method, url;
    llmf_header headers[2];
    size_t header_count;
} llmfi_aws_request;

LLMFI_UNUSED static void llmfi_aws_init(llmfi_aws *a, llmfi_heap *heap) {
    memset(a, 0, sizeof *a);
    a->heap = heap;
    llmfi_buf_init(&a->profile.text, heap, 0);
    llmfi_buf_init(&a->fetched.text, heap, 0);
    llmfi_buf_init(&a->base, heap, 0);
    llmfi_buf_init(&a->url, heap, 0);
    llmfi_buf_init(&a->header, heap, 0);
    llmfi_buf_init(&a->token, heap, 0);
}

static void llmfi_aws_wipe(llmfi_buf *b) {
    llmfi_wipe(llmfi_str(b->ptr, b->cap));
    llmfi_buf_free(b);
}

LLMFI_UNUSED static void llmfi_aws_free(llmfi_aws *a) {
    llmfi_aws_wipe(&a->profile.text);
    llmfi_aws_wipe(&a->fetched.text);
    llmfi_aws_wipe(&a->header);
    llmfi_aws_wipe(&a->token);
    llmfi_buf_free(&a->base);
    llmfi_buf_free(&a->url);
}

/* ---- keys that are kept ---- */

static bool llmfi_aws_keep(llmfi_aws_kept *k, llmfi_aws_keys keys, llmf_str name, int64_t expires_ms, int64_t renew_ms) {
    llmf_str texts[4];
    size_t *places[4], i;
    texts[0] = keys.id, texts[1] = keys.secret, texts[2] = keys.token, texts[3] = name;
    places[0] = &k->id, places[1] = &k->secret, places[2] = &k->token, places[3] = &k->name;
    llmfi_aws_wipe(&k->text);
    k->expires_ms = k->renew_ms = 0;
    if (!llmfi_buf_reserve(&k->text, keys.id.len + keys.secret.len + keys.token.len + name.len + 4)) return false;
    for (i = 0; i < 4; i++) {
        *places[i] = k->text.len;
        llmfi_buf_add(&k->text, texts[i].ptr, texts[i].len);
        llmfi_buf_add(&k->text, "", 1);
    }
    k->expires_ms = expires_ms;
    k->renew_ms = renew_ms;
    return true;
}

static void llmfi_aws_of_kept(const llmfi_aws_kept *k, llmfi_aws_keys *keys) {
    keys->id = llmfi_cstr(k->text.ptr + k->id);
    keys->secret = llmfi_cstr(k->text.ptr + k->secret);
    keys->token = llmfi_cstr(k->text.ptr + k->token);
}

/* ---- 1 and 2: what needs no asking ---- */

/* A pair is whole with an id and a secret; the token of another pair would not fit it. */
static bool llmfi_aws_pair(llmfi_aws_keys *keys, llmf_str id, llmf_str secret, llmf_str token) {
    if (!id.len || !secret.len) return false;
    keys->id = id;
    keys->secret = secret;
    keys->token = token;
    return true;
}

static bool llmfi_aws_of_config(const llmfi_record *r, llmfi_aws_keys *keys) {
    const llmfi_aws_entry *m = &r->aws, *p = &r->provider->aws;
    return llmfi_aws_pair(keys, m->id, m->secret, m->token) || llmfi_aws_pair(keys, p->id, p->secret, p->token);
}

static llmf_str llmfi_aws_variable(const llmfi_env *env, const char *name) {
    llmf_str value = llmfi_env_filled(env, llmfi_cstr(name));
    return value.ptr ? value : llmfi_str("", 0);
}

static bool llmfi_aws_of_env(const llmfi_env *env, llmfi_aws_keys *keys) {
    return llmfi_aws_pair(keys, llmfi_aws_variable(env, "AWS_ACCESS_KEY_ID"), llmfi_aws_variable(env, "AWS_SECRET_ACCESS_KEY"), llmfi_aws_variable(env, "AWS_SESSION_TOKEN"));
}

/* The profile that the config names; empty: none. */
static llmf_str llmfi_aws_named(const llmfi_record *r) {
    return r->aws.profile.len ? r->aws.profile : r->provider->aws.profile;
}

/* The keys that need neither a file nor asking. False: there are none. Texts live as long as the config and the environment stay as they are. */
LLMFI_UNUSED static bool llmfi_aws_given(const llmfi_record *r, const llmfi_env *env, llmfi_aws_keys *keys) {
    return llmfi_aws_of_config(r, keys) || (!llmfi_aws_named(r).len && llmfi_aws_of_env(env, keys));
}

/* Where keys will probably be found, without looking there. */
LLMFI_UNUSED static bool llmfi_aws_likely(const llmfi_record *r, const llmfi_env *env) {
    llmfi_aws_keys keys;
    return llmfi_aws_given(r, env, &keys) || llmfi_aws_named(r).len || llmfi_aws_variable(env, "AWS_PROFILE").len ||
           llmfi_aws_variable(env, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI").len || llmfi_aws_variable(env, "AWS_CONTAINER_CREDENTIALS_FULL_URI").len;
}

/* ---- 3: profiles ---- */

/* What the two files say of one profile; texts in its arena. */
typedef struct llmfi_aws_profile {
    llmfi_arena arena;
    llmf_str name;
    llmfi_aws_keys keys;
    llmf_str endpoint, mode;                 /* of the metadata service */
#if LLMFI_HAS_SERVICES
    llmf_str region, endpoint_url, ignore_endpoints;
#endif
    const char *needs;                       /* the property that this version cannot follow; NULL: none */
    bool exists, process;                    /* process: it has a credential_process, which static keys outrank */
} llmfi_aws_profile;

/* One of the paths: a variable's, with ~/ for the home, else home/.aws/<name>. Empty: there is no home. */
static llmf_str llmfi_aws_path(const llmfi_env *env, const char *variable, const char *name, llmfi_buf *to) {
#if defined(_WIN32)
    static const char slash[] = "\\";
#else
    static const char slash[] = "/";
#endif
    llmf_str given = llmfi_aws_variable(env, variable), home = llmfi_aws_variable(env, "HOME"), drive = llmfi_str("", 0);
    bool in_home = given.len > 1 && given.ptr[0] == '~' && (given.ptr[1] == '/' || given.ptr[1] == slash[0]), ok = true;
    to->len = 0;
    if (!home.len && slash[0] == '\\') home = llmfi_aws_variable(env, "USERPROFILE");
    if (!home.len && slash[0] == '\\') {
        drive = llmfi_aws_variable(env, "HOMEDRIVE");
        home = llmfi_aws_variable(env, "HOMEPATH");
    }
    if ((!given.len || in_home) && !home.len) return llmfi_str("", 0);
    if (!given.len || in_home) ok = llmfi_buf_add(to, drive.ptr, drive.len) && llmfi_buf_add(to, home.ptr, home.len);
    if (given.len) given = llmfi_from(given, in_home ? 1 : 0);
    if (given.len) ok = ok && llmfi_buf_add(to, given.ptr, given.len);
    else ok = ok && llmfi_buf_add(to, slash, 1) && llmfi_buf_add(to, ".aws", 4) && llmfi_buf_add(to, slash, 1) && llmfi_buf_add(to, name, llmfi_strlen(name));
    if (!ok || !llmfi_buf_add(to, "", 1)) return llmfi_str("", 0);
    return llmfi_str(to->ptr, to->len - 1);
}

static void llmfi_aws_property(llmfi_aws_profile *p, llmf_str key, llmf_str value) {
    static const char *const others[] = { "role_arn", "web_identity_token_file", "sso_session", "sso_start_url", "sso_account_id" };
    llmf_str *to = NULL;
    size_t i;
    if (LLMFI_NAMED(key, "aws_access_key_id")) to = &p->keys.id;
    else if (LLMFI_NAMED(key, "aws_secret_access_key")) to = &p->keys.secret;
    else if (LLMFI_NAMED(key, "aws_session_token")) to = &p->keys.token;
    else if (LLMFI_NAMED(key, "ec2_metadata_service_endpoint")) to = &p->endpoint;
    else if (LLMFI_NAMED(key, "ec2_metadata_service_endpoint_mode")) to = &p->mode;
    else if (LLMFI_NAMED(key, "credential_process")) p->process = true;
#if LLMFI_HAS_SERVICES
    else if (LLMFI_NAMED(key, "region")) to = &p->region;
    else if (LLMFI_NAMED(key, "endpoint_url")) to = &p->endpoint_url;
    else if (LLMFI_NAMED(key, "ignore_configured_endpoint_urls")) to = &p->ignore_endpoints;
#endif
    for (i = 0; !to && i < LLMFI_COUNT(others); i++)
        if (value.len && llmfi_eq_nocase(key, llmfi_cstr(others[i]))) p->needs = others[i];
    if (to) *to = llmfi_arena_copy(&p->arena, value);
}

/* Lays what a file's text says over what is there. False with *err. */
static bool llmfi_aws_read_text(llmfi_aws_profile *p, llmf_str text, llmf_str path, bool config, llmf_error *err) {
    llmfi_profile_reader r;
    bool ours = false;
    int got;
    llmfi_profile_begin(&r, p->arena.heap, text, config);
    while ((got = llmfi_profile_next(&r)) > 0) {
        if (got == LLMFI_PROFILE_SECTION) ours = r.section == LLMFI_SECTION_PROFILE && llmfi_eq(r.name, p->name);
        if (ours) p->exists = true;
        if (ours && got == LLMFI_PROFILE_PROPERTY) llmfi_aws_property(p, r.key, r.value);
    }
    if (got < 0 && r.error) {
        llmfi_text t = llmfi_report_begin(err, path, r.line, 1, false);
        llmfi_say_c(&t, r.error);
    }
    if ((got < 0 && !r.error) || p->arena.failed) llmfi_error_memory(err);
    llmfi_profile_free(&r);
    return got == LLMFI_PROFILE_END && !p->arena.failed;
}

/* A file that is not there says nothing. */
static bool llmfi_aws_read_file(llmfi_aws_profile *p, const llmfi_env *env, bool config, llmf_error *err) {
    llmfi_report report = llmfi_report_to(NULL, NULL);
    llmfi_buf path, text;
    llmf_str name;
    int got = LLMFI_SOURCE_NONE;
    bool good = true;
    llmfi_buf_init(&path, p->arena.heap, 4096);
    llmfi_buf_init(&text, p->arena.heap, 0);
    name = config ? llmfi_aws_path(env, "AWS_CONFIG_FILE", "config", &path) : llmfi_aws_path(env, "AWS_SHARED_CREDENTIALS_FILE", "credentials", &path);
    if (LLMF_HAS_FILES && name.len) got = llmfi_source_read(name, &text, &report);
    if (got == LLMFI_SOURCE_READ) good = llmfi_aws_read_text(p, llmfi_buf_str(&text), name, config, err);
    if (got == LLMFI_SOURCE_MEMORY) good = llmfi_error_memory(err);
    llmfi_aws_wipe(&text);
    llmfi_buf_free(&path);
    return good;
}

static void llmfi_aws_profile_end(llmfi_aws_profile *p) {
    llmfi_wipe(p->keys.secret);
    llmfi_wipe(p->keys.token);
    llmfi_arena_free(&p->arena);
}

/* Reads both files. False with *err; llmfi_aws_profile_end either way. */
static bool llmfi_aws_profile_read(llmfi_aws_profile *p, llmfi_heap *heap, const llmfi_env *env, llmf_str name, llmf_error *err) {
    memset(p, 0, sizeof *p);
    llmfi_arena_init(&p->arena, heap, 0);
    p->name = name;
    p->keys.id = p->keys.secret = p->keys.token = p->endpoint = p->mode = llmfi_str("", 0);
#if LLMFI_HAS_SERVICES
    p->region = p->endpoint_url = p->ignore_endpoints = llmfi_str("", 0);
#endif
    if (!llmfi_aws_read_file(p, env, true, err) || !llmfi_aws_read_file(p, env, false, err)) return false;
    if (p->process && !p->keys.id.len) p->needs = "credential_process";
    return true;
}

static int llmfi_aws_profile_error(llmf_str name, const char *what, const char *word, llmf_error *err) {
    llmfi_text t = llmfi_error_begin(err, LLMF_ERR_AUTH);
    LLMFI_SAY(&t, "AWS profile ");
    llmfi_say(&t, name);
    LLMFI_SAY(&t, ": ");
    llmfi_say_c(&t, what);
    llmfi_say_c(&t, word);
    return LLMFI_AWS_NONE;
}

/* What a profile that was read comes to; kept. must: somebody has named it, so that having no keys is an error. */
static int llmfi_aws_profile_meaning(llmfi_aws *a, const llmfi_aws_profile *p, bool must, int64_t now_ms, llmf_error *err) {
    llmfi_aws_keys keys;
    if (p->needs)
        return llmfi_aws_profile_error(p->name, LLMFI_WORDS("this version cannot get keys in this way; export them (aws configure export-credentials), or leave it out: "), p->needs, err);
    if (!llmfi_aws_pair(&keys, p->keys.id, p->keys.secret, p->keys.token)) {
        if (!must && !p->keys.id.len && !p->keys.secret.len) keys.id = keys.secret = keys.token = llmfi_str("", 0);
        else if (!p->exists) return llmfi_aws_profile_error(p->name, LLMFI_WORDS("neither ~/.aws/config nor ~/.aws/credentials has it; look at its name"), "", err);
        else return llmfi_aws_profile_error(p->name, LLMFI_WORDS("it has no whole pair of aws_access_key_id and aws_secret_access_key"), "", err);
    }
    if (llmfi_aws_keep(&a->profile, keys, p->name, INT64_MAX, now_ms + LLMFI_AWS_PROFILE_MS)) return LLMFI_AWS_READY;
    llmfi_error_memory(err);
    return LLMFI_AWS_NONE;
}

static int llmfi_aws_of_profile(llmfi_aws *a, const llmfi_env *env, llmf_str name, bool must, int64_t now_ms, llmfi_aws_keys *keys, llmf_error *err) {
    const llmfi_aws_kept *k = &a->profile;
    bool known = k->renew_ms > now_ms && k->renew_ms <= now_ms + LLMFI_AWS_PROFILE_MS && llmfi_eq(name, llmfi_cstr(k->text.ptr + k->name));
    llmfi_aws_profile p;
    int got = LLMFI_AWS_READY;
    if (!known || (must && !k->text.ptr[k->id])) {
        got = llmfi_aws_profile_read(&p, a->heap, env, name, err) ? llmfi_aws_profile_meaning(a, &p, must, now_ms, err) : (int)LLMFI_AWS_NONE;
        llmfi_aws_profile_end(&p);
    }
    if (got == LLMFI_AWS_READY) llmfi_aws_of_kept(k, keys);
    return got == LLMFI_AWS_READY && !keys->id.len ? (int)LLMFI_AWS_ASK : got; /* that it has none is remembered too */
}

/* ---- 4 and 5: who is asked ---- */

static llmf_str llmfi_aws_profile_name(const llmfi_env *env) {
    llmf_str name = llmfi_aws_variable(env, "AWS_PROFILE");
    return name.len ? name : LLMFI_LIT("default");
}

static bool llmfi_aws_add(llmfi_buf *to, llmf_str s) {
    return llmfi_buf_add(to, s.ptr, s.len);
}

/* The asking is over. why: what it failed of; NULL: it did not. */
static int llmfi_aws_rest(llmfi_aws *a, const char *why, int64_t now_ms) {
    a->step = LLMFI_STEP_IDLE;
    a->why = why;
    a->failed_ms = now_ms;
    llmfi_aws_wipe(&a->header);
    llmfi_aws_wipe(&a->token);
    return LLMFI_AWS_NONE;
}

static int llmfi_aws_no_memory(llmfi_aws *a, int64_t now_ms) {
    return llmfi_aws_rest(a, LLMFI_WORDS("the memory block is used up: raise llmf_desc.memory_size"), now_ms);
}

/* Plain HTTP may carry keys on this machine only, and to the addresses that containers have for it. */
static bool llmfi_aws_may_ask(llmf_str text) {
    static const char *const hosts[] = { "localhost", "::1", "169.254.170.2", "169.254.170.23", "fd00:ec2::23" };
    llmfi_url url;
    llmfi_url_error bad;
    size_t i;
    if (!llmfi_url_parse(text, &url, &bad) || !url.port) return false;
    if (LLMFI_NAMED(url.scheme, "https")) return true;
    for (i = 0; i < LLMFI_COUNT(hosts); i++)
        if (llmfi_eq_nocase(url.host, llmfi_cstr(hosts[i]))) return true;
    if (url.ipv6 || !llmfi_starts(url.host, LLMFI_LIT("127."))) return false;
    for (i = 0; i < url.host.len; i++) /* an address, not a name that begins so */
        if (!llmfi_is_digit(url.host.ptr[i]) && url.host.ptr[i] != '.') return false;
    return true;
}

/* What the container's endpoint wants to see: the file's contents, read anew each time, else the variable's. */
static bool llmfi_aws_container_token(llmfi_aws *a, const llmfi_env *env, const char **why) {
    llmf_str file = llmfi_aws_variable(env, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"), token = llmfi_aws_variable(env, "AWS_CONTAINER_AUTHORIZATION_TOKEN");
    llmfi_report report = llmfi_report_to(NULL, NULL);
    a->header.len = 0;
    if (file.len && llmfi_source_read(file, &a->header, &report) != LLMFI_SOURCE_READ)
        return *why = LLMFI_WORDS("the file that AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE names cannot be read"), false;
    if (!file.len && !llmfi_aws_add(&a->header, token)) return *why = LLMFI_WORDS("the memory block is used up: raise llmf_desc.memory_size"), false;
    while (a->header.len && llmfi_is_space(a->header.ptr[a->header.len - 1])) a->header.len--;
    if (llmfi_header_bad_value(llmfi_buf_str(&a->header)) == LLMFI_NOWHERE) return true;
    return *why = LLMFI_WORDS("the container's authorization token holds a line break"), false;
}

static int llmfi_aws_begin_container(llmfi_aws *a, const llmfi_env *env, int64_t now_ms) {
    llmf_str relative = llmfi_aws_variable(env, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"), full = llmfi_aws_variable(env, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
    const char *why = NULL;
    a->url.len = 0;
    if (relative.len ? !llmfi_aws_add(&a->url, LLMFI_LIT(LLMFI_AWS_CONTAINER)) || !llmfi_aws_add(&a->url, relative) : !llmfi_aws_add(&a->url, full)) return llmfi_aws_no_memory(a, now_ms);
    if ((relative.len && relative.ptr[0] != '/') || !llmfi_aws_may_ask(llmfi_buf_str(&a->url)))
        return llmfi_aws_rest(a, LLMFI_WORDS("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI must begin with /, and _FULL_URI be https:// or lead to this machine"), now_ms);
    if (!llmfi_aws_container_token(a, env, &why)) return llmfi_aws_rest(a, why, now_ms);
    a->step = LLMFI_STEP_CONTAINER;
    return LLMFI_AWS_ASK;
}

/* The metadata service's address, into a->base. False with *why. */
static bool llmfi_aws_imds_base(llmfi_aws *a, const llmfi_env *env, const char **why) {
    llmf_str endpoint = llmfi_aws_variable(env, "AWS_EC2_METADATA_SERVICE_ENDPOINT"), mode = llmfi_aws_variable(env, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
    llmfi_aws_profile p;
    llmfi_url url;
    llmfi_url_error bad;
    llmf_error err;
    bool ok = true;
    if (!llmfi_aws_profile_read(&p, a->heap, env, llmfi_aws_profile_name(env), &err)) ok = false;
    if (!endpoint.len) endpoint = p.endpoint;
    if (!mode.len) mode = p.mode;
    a->base.len = 0;
    *why = LLMFI_WORDS("the address of the metadata service is no URL, or its mode neither IPv4 nor IPv6");
    if (ok && !endpoint.len) {
        if (!mode.len || LLMFI_NAMED(mode, "ipv4")) endpoint = LLMFI_LIT(LLMFI_AWS_IMDS_V4);
        else if (LLMFI_NAMED(mode, "ipv6")) endpoint = LLMFI_LIT(LLMFI_AWS_IMDS_V6);
    }
    while (endpoint.len && endpoint.ptr[endpoint.len - 1] == '/') endpoint.len--;
    ok = ok && llmfi_url_parse(endpoint, &url, &bad) && url.port && !url.query.len && llmfi_aws_add(&a->base, endpoint);
    llmfi_aws_profile_end(&p);
    return ok;
}

static int llmfi_aws_begin_imds(llmfi_aws *a, const llmfi_env *env, int64_t now_ms) {
    const char *why = NULL;
    if (LLMFI_NAMED(llmfi_aws_variable(env, "AWS_EC2_METADATA_DISABLED"), "true") || env->desc->no_env)
        return llmfi_aws_rest(a, LLMFI_WORDS("the metadata service is not asked (AWS_EC2_METADATA_DISABLED)"), now_ms);
    if (!llmfi_aws_imds_base(a, env, &why)) return llmfi_aws_rest(a, why, now_ms);
    a->step = LLMFI_STEP_TOKEN;
    return LLMFI_AWS_ASK;
}

static int llmfi_aws_begin(llmfi_aws *a, const llmfi_env *env, int64_t now_ms) {
    bool container = llmfi_aws_variable(env, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI").len || llmfi_aws_variable(env, "AWS_CONTAINER_CREDENTIALS_FULL_URI").len;
    a->tries = LLMFI_AWS_TRIES;
    return container ? llmfi_aws_begin_container(a, env, now_ms) : llmfi_aws_begin_imds(a, env, now_ms);
}

/* What must be asked may have been asked already, or have failed a moment ago. */
static int llmfi_aws_of_network(llmfi_aws *a, const llmfi_env *env, int64_t now_ms, llmfi_aws_keys *keys) {
    bool alive = a->fetched.expires_ms > now_ms, failed = a->why && now_ms - a->failed_ms < LLMFI_AWS_FAILED_MS && now_ms >= a->failed_ms;
    int got = LLMFI_AWS_ASK;
    if (alive) llmfi_aws_of_kept(&a->fetched, keys);
    if (alive && (a->fetched.renew_ms > now_ms || failed)) return LLMFI_AWS_READY;
    if (failed) return LLMFI_AWS_NONE;
    if (a->step == LLMFI_STEP_IDLE) got = llmfi_aws_begin(a, env, now_ms);
    return got == LLMFI_AWS_NONE && alive ? (int)LLMFI_AWS_READY : got;
}

/* LLMFI_AWS_READY: *keys is set, its texts live until the next call; _ASK: carry out llmfi_aws_request and its like, then come again; _NONE with *err. named: the
   profile that the config names; empty: none. */
LLMFI_UNUSED static int llmfi_aws_find_named(llmfi_aws *a, llmf_str named, const llmfi_env *env, int64_t now_ms, llmfi_aws_keys *keys, llmf_error *err) {
    int got;
    llmfi_error_clear(err);
    if (named.len) return llmfi_aws_of_profile(a, env, named, true, now_ms, keys, err);
    if (llmfi_aws_of_env(env, keys)) return LLMFI_AWS_READY;
    got = llmfi_aws_of_profile(a, env, llmfi_aws_profile_name(env), false, now_ms, keys, err);
    if (got != LLMFI_AWS_ASK) return got;
    if (llmfi_aws_variable(env, "AWS_WEB_IDENTITY_TOKEN_FILE").len) {
        llmfi_error_set(err, LLMF_ERR_AUTH, "AWS_WEB_IDENTITY_TOKEN_FILE: this version cannot exchange a web identity for keys; export keys, or use a bearer key");
        return LLMFI_AWS_NONE;
    }
    return llmfi_aws_of_network(a, env, now_ms, keys);
}

/* The same for a model, whose entry may have keys of its own. */
LLMFI_UNUSED static int llmfi_aws_find(llmfi_aws *a, const llmfi_record *r, const llmfi_env *env, int64_t now_ms, llmfi_aws_keys *keys, llmf_error *err) {
    llmfi_error_clear(err);
    return llmfi_aws_of_config(r, keys) ? (int)LLMFI_AWS_READY : llmfi_aws_find_named(a, llmfi_aws_named(r), env, now_ms, keys, err);
}

/* ---- the steps ---- */

static void llmfi_aws_ask_header(llmfi_aws_request *q, llmf_str name, llmf_str value) {
    q->headers[q->header_count].name = name;
    q->headers[q->header_count++].value = value;
}

static llmf_str llmfi_aws_role(const llmfi_aws *a) {
    return llmfi_buf_str(&a->header); /* of the last step: the role's name, encoded */
}

/* What to ask now. False where memory ran out: then it has failed. */
LLMFI_UNUSED static bool llmfi_aws_request_of(llmfi_aws *a, int64_t now_ms, llmfi_aws_request *q) {
    llmf_str paths[3];
    memset(q, 0, sizeof *q);
    q->method = a->step == LLMFI_STEP_TOKEN ? LLMFI_LIT("PUT") : LLMFI_LIT("GET");
    paths[0] = LLMFI_LIT("/latest/api/token");
    paths[1] = paths[2] = LLMFI_LIT("/latest/meta-data/iam/security-credentials/");
    if (a->step == LLMFI_STEP_CONTAINER) {
        llmfi_aws_ask_header(q, LLMFI_LIT("Accept"), LLMFI_LIT("application/json"));
        if (a->header.len) llmfi_aws_ask_header(q, LLMFI_LIT("Authorization"), llmfi_buf_str(&a->header));
    } else {
        a->url.len = 0;
        if (!llmfi_aws_add(&a->url, llmfi_buf_str(&a->base)) || !llmfi_aws_add(&a->url, paths[a->step - LLMFI_STEP_TOKEN]) ||
            (a->step == LLMFI_STEP_KEYS && !llmfi_aws_add(&a->url, llmfi_aws_role(a))))
            return llmfi_aws_no_memory(a, now_ms), false;
        if (a->step == LLMFI_STEP_TOKEN) llmfi_aws_ask_header(q, LLMFI_LIT("x-aws-ec2-metadata-token-ttl-seconds"), LLMFI_LIT(LLMFI_AWS_TTL));
        else llmfi_aws_ask_header(q, LLMFI_LIT("x-aws-ec2-metadata-token"), llmfi_buf_str(&a->token));
    }
    q->url = llmfi_buf_str(&a->url);
    return true;
}

static bool llmfi_two_of(llmf_str s, size_t at, int *value) {
    if (!llmfi_is_digit(s.ptr[at]) || !llmfi_is_digit(s.ptr[at + 1])) return false;
    *value = (s.ptr[at] - '0') * 10 + (s.ptr[at + 1] - '0');
    return true;
}

/* "2009-02-13T23:31:30Z", also with a fraction; 0: it is none. */
static int64_t llmfi_aws_moment(llmf_str s) {
    static const int16_t before[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334 };
    int part[7], i;
    int64_t year, days;
    if (s.len < 20 || s.ptr[4] != '-' || s.ptr[7] != '-' || (s.ptr[10] != 'T' && s.ptr[10] != 't') || s.ptr[13] != ':' || s.ptr[16] != ':') return 0;
    if ((s.ptr[s.len - 1] != 'Z' && s.ptr[s.len - 1] != 'z') || !llmfi_two_of(s, 0, &part[0]) || !llmfi_two_of(s, 2, &part[1])) return 0;
    for (i = 2; i < 7; i++)
        if (!llmfi_two_of(s, (size_t)(3 * i - 1), &part[i])) return 0;
    year = part[0] * 100 + part[1];
    if (year < 1970 || part[2] < 1 || part[2] > 12 || part[3] < 1 || part[3] > 31 || part[4] > 23 || part[5] > 59 || part[6] > 60) return 0;
    days = (year - 1970) * 365 + (year - 1969) / 4 - (year - 1901) / 100 + (year - 1601) / 400 + before[part[2] - 1] + part[3] - 1;
    if (part[2] > 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)) days++;
    return ((days * 24 + part[4]) * 60 + part[5]) * INT64_C(60000) + part[6] * 1000;
}

/* The members of the keys' object, decoded; texts in the arena. False: it is no such object. */
static bool llmfi_aws_parse(llmfi_arena *arena, llmf_str body, llmfi_aws_keys *keys, int64_t *expires_ms) {
    llmf_str texts[5];
    llmfi_json j;
    int at;
    for (at = 0; at < 5; at++) texts[at] = llmfi_str("", 0);
    llmfi_json_init(&j, llmfi_trim(body), true);
    if (!llmfi_json_enter(&j, LLMFI_J_OBJECT)) return false;
    while ((at = llmfi_json_pick(&j, "AccessKeyId\0SecretAccessKey\0Token\0Expiration\0Code\0")) >= 0)
        if (llmfi_json_scalar(&j) == LLMFI_J_STRING && at < 5) texts[at] = llmfi_json_copy(&j, arena);
    *expires_ms = llmfi_aws_moment(texts[3]);
    return !j.error && llmfi_json_next(&j) == LLMFI_J_END && !arena->failed && (!texts[4].len || LLMFI_IS(texts[4], "Success")) &&
           llmfi_aws_pair(keys, texts[0], texts[1], texts[2]);
}

/* Keeps the keys of the answer. Those whose end is not told, or has gone by, are used all the same for a while: the endpoint may be behind. */
static int llmfi_aws_got_keys(llmfi_aws *a, llmf_str body, int64_t now_ms) {
    llmfi_arena arena;
    llmfi_aws_keys keys;
    int64_t expires = 0, renew;
    bool good, kept = false;
    llmfi_arena_init(&arena, a->heap, 0);
    good = llmfi_aws_parse(&arena, body, &keys, &expires);
    if (good) {
        if (expires <= now_ms) expires = now_ms + LLMFI_AWS_ANYWAY_MS;
        renew = expires - LLMFI_AWS_EARLY_MS > now_ms ? expires - LLMFI_AWS_EARLY_MS : now_ms + (expires - now_ms) / 2;
        kept = llmfi_aws_keep(&a->fetched, keys, llmfi_str("", 0), expires, renew);
        llmfi_wipe(keys.secret);
        llmfi_wipe(keys.token);
    }
    llmfi_arena_free(&arena);
    if (!kept) return good ? llmfi_aws_no_memory(a, now_ms) : llmfi_aws_rest(a, LLMFI_WORDS("the endpoint's answer holds no keys"), now_ms);
    llmfi_aws_rest(a, NULL, 0);
    return LLMFI_AWS_READY;
}

/* The first line of the answer, which becomes a part of a URL or a header. */
static bool llmfi_aws_got_line(llmfi_buf *to, llmf_str body, bool encode) {
    size_t lf;
    body = llmfi_trim(body);
    lf = llmfi_find_char(body, '\n');
    if (lf != LLMFI_NOWHERE) body = llmfi_trim(llmfi_str(body.ptr, lf));
    to->len = 0;
    if (!body.len || body.len > 4096 || llmfi_header_bad_value(body) != LLMFI_NOWHERE) return false;
    return encode ? llmfi_url_encode(to, body) : llmfi_aws_add(to, body);
}

static const char *llmfi_aws_status_why(int step, int status) {
    if (step == LLMFI_STEP_CONTAINER) return LLMFI_WORDS("the container's endpoint refused to give keys");
    if (step == LLMFI_STEP_TOKEN && status == 403) return LLMFI_WORDS("the metadata service is switched off for this instance");
    if (step == LLMFI_STEP_ROLE && status == 404) return LLMFI_WORDS("this instance has no IAM role");
    return LLMFI_WORDS("the metadata service refused to give keys");
}

/* Takes what came for the last request; status 0: nothing did. LLMFI_AWS_ASK: one step more; _READY; _NONE: a->why tells. */
LLMFI_UNUSED static int llmfi_aws_answer(llmfi_aws *a, int status, llmf_str body, int64_t now_ms) {
    int step = a->step;
    if (status == 0)
        return llmfi_aws_rest(a, step == LLMFI_STEP_CONTAINER ? LLMFI_WORDS("the container's endpoint does not answer") : LLMFI_WORDS("no metadata service answers here"), now_ms);
    if (status == 200 && (step == LLMFI_STEP_CONTAINER || step == LLMFI_STEP_KEYS)) return llmfi_aws_got_keys(a, body, now_ms);
    if (status == 200) {
        if (!llmfi_aws_got_line(step == LLMFI_STEP_TOKEN ? &a->token : &a->header, body, step == LLMFI_STEP_ROLE))
            return llmfi_aws_rest(a, LLMFI_WORDS("the metadata service's answer is empty, or is no such text"), now_ms);
        a->step++;
        return LLMFI_AWS_ASK;
    }
    if (--a->tries > 0 && (status >= 500 || (status == 401 && step > LLMFI_STEP_TOKEN))) {
        if (status == 401) a->step = LLMFI_STEP_TOKEN; /* it has ended: a new one */
        return LLMFI_AWS_ASK;
    }
    return llmfi_aws_rest(a, llmfi_aws_status_why(step, status), now_ms);
}

#endif
#endif
