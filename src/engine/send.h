/* From what an adapter is asked to an HTTP request: URL, headers, authorization, transport. */
#ifndef LLMFI_ENGINE_SEND_H
#define LLMFI_ENGINE_SEND_H
#include "../wire/url.h"
#include "core.h"
#include "health.h"
#include "keys.h"
#include "registered.h"
#include "secrets.h"
#include "sign.h"
#include "trace.h"

/* Headers of one request, config's included. */
#ifndef LLMF_MAX_REQUEST_HEADERS
#define LLMF_MAX_REQUEST_HEADERS 48
#endif

typedef struct llmfi_headers {
    llmfi_call *call;
    size_t count;
    bool bad;                                /* the error is in the call's reply */
    llmf_header at[LLMF_MAX_REQUEST_HEADERS];
} llmfi_headers;

/* A header of the config's that by its name holds a secret: not shown in a preview, and wiped like the key. */
LLMFI_UNUSED static bool llmfi_header_secret(llmf_str name) {
    static const char *const words[] = {"auth", "key", "token", "secret", "cookie", "password", "credential"};
    size_t i;
    for (i = 0; i < LLMFI_COUNT(words); i++)
        if (llmfi_find_nocase(name, llmfi_cstr(words[i])) != LLMFI_NOWHERE) return true;
    return false;
}

#if LLMFI_HAS_OWN_HEADERS
static bool llmfi_header_refuse(llmfi_headers *h, llmf_str name) {
    h->bad = true;
    return llmfi_error_about(&h->call->reply.error, LLMF_ERR_CONFIG, "header ", llmfi_utf8_valid(name, NULL) ? name : llmfi_str("", 0),
                             ": its name or value holds a line break or another character that HTTP does not allow; mend it in the config");
}
#endif

static size_t llmfi_header_find(const llmfi_headers *h, llmf_str name) {
    size_t i;
    for (i = 0; i < h->count && !llmfi_eq_nocase(h->at[i].name, name); i++) continue;
    return i;
}

/* A header set later under the same name replaces the earlier one: config over adapter. */
static void llmfi_header_set(void *user, llmf_str name, llmf_str value) {
    llmfi_headers *h = (llmfi_headers *)user;
    size_t i = llmfi_header_find(h, name);
    if (h->bad) return;
#if LLMFI_HAS_OWN_HEADERS
    if (!llmfi_header_ok(name, value)) {
        llmfi_header_refuse(h, name);
        return;
    }
    if (llmfi_header_secret(name)) h->call->secrets = true;
#endif
    if (i == LLMF_MAX_REQUEST_HEADERS) {
        h->bad = !llmfi_error_set(&h->call->reply.error, LLMF_ERR_LIMIT, "more headers than LLMF_MAX_REQUEST_HEADERS");
        return;
    }
    h->at[i].name = llmfi_arena_copy(&h->call->arena, name);
    h->at[i].value = llmfi_arena_copy(&h->call->arena, value);
    if (i == h->count) h->count++;
}

/* A header of ours: nothing to check, to replace or to copy. */
static void llmfi_header_first(llmfi_headers *h, llmf_str name, llmf_str value) {
    h->at[h->count].name = name;
    h->at[h->count++].value = value;
}

static bool llmfi_no_key(llmfi_call *c) {
    llmfi_text t = llmfi_error_begin(&c->reply.error, LLMF_ERR_AUTH);
    LLMFI_SAY(&t, "no key for provider ");
    llmfi_say(&t, c->prepared->record.provider->name);
#if LLMF_HAS_STRINGS
    LLMFI_SAY(&t, ": ");
    llmfi_record_key_hint(&c->prepared->record, &t);
#endif
    return false;
}

#if LLMFI_HAS_OWN_HEADERS
/* The config's own header of that name takes the key's place. */
static bool llmfi_own_auth(llmfi_call *c, const llmfi_headers *h, llmf_str name, llmf_str prefix) {
    size_t i = llmfi_header_find(h, name);
    if (i == h->count) return false;
    c->reply.key = llmfi_from(h->at[i].value, llmfi_starts(h->at[i].value, prefix) ? prefix.len : 0);
    return true;
}
#endif

#if LLMFI_HAS_WAITS
/* The request is built anew when its keys are there. */
static bool llmfi_auth_later(llmfi_headers *h) {
    if (h->count == LLMF_MAX_REQUEST_HEADERS) return llmfi_error_set(&h->call->reply.error, LLMF_ERR_LIMIT, "more headers than LLMF_MAX_REQUEST_HEADERS");
    llmfi_header_first(h, LLMFI_LIT("Authorization"), LLMFI_LIT("REDACTED"));
    return true;
}
#endif

#if LLMF_HAS_AWS
/* No keys, and why. */
static bool llmfi_no_aws_keys(llmfi_call *c, const llmf_error *err) {
    llmfi_text t;
    if (err->code != LLMF_OK) {
        c->reply.error = *err;
        return false;
    }
    (void)llmfi_no_key(c);
    t.ptr = c->reply.error.text;
    t.cap = sizeof c->reply.error.text;
    t.len = llmfi_strlen(t.ptr);
    t.gap = false;
    LLMFI_SAY(&t, "; the files of ~/.aws have none either, and ");
    llmfi_say_c(&t, c->f->keys.aws.why);
    return false;
}

/* Leaves room for the signature, which comes last: the body's digest is part of it. */
static bool llmfi_set_aws(llmfi_call *c, llmfi_headers *h) {
    llmfi_aws_keys keys;
    llmf_error err;
    llmf_str date;
    int got = LLMFI_AWS_NONE;
#if !LLMF_HAS_STDLIB
    if (!c->f->desc.wall_ms && !c->f->replay && !c->previewing)
        return llmfi_error_about(&c->reply.error, LLMF_ERR_ARGUMENT, "", LLMFI_LIT("llmf_desc.wall_ms"), " is not set, and this build has no clock of its own (LLMF_NO_STDLIB): a signature for AWS holds the time");
#endif
    if (h->count > LLMF_MAX_REQUEST_HEADERS - 3) return llmfi_error_set(&c->reply.error, LLMF_ERR_LIMIT, "more headers than LLMF_MAX_REQUEST_HEADERS");
    if (!c->f->replay) got = c->previewing ? llmfi_aws_given(&c->prepared->record, &c->f->env, &keys) ? LLMFI_AWS_READY : LLMFI_AWS_NONE :
                             llmfi_aws_find(&c->f->keys.aws, &c->prepared->record, &c->f->env, llmfi_wall(c->f), &keys, &err);
    if (got == LLMFI_AWS_ASK || (got == LLMFI_AWS_NONE && (c->f->replay || c->previewing))) {
        c->waits = got == LLMFI_AWS_ASK ? LLMFI_WAITS_AWS : LLMFI_WAITS_NOT;
        return llmfi_auth_later(h);
    }
    if (got == LLMFI_AWS_NONE) return llmfi_no_aws_keys(c, &err);
    if (!llmfi_sign_keys(c, keys)) return false;
    date = llmfi_sign_date(c);
    if (!date.len) return false;
    llmfi_header_first(h, LLMFI_LIT("X-Amz-Date"), date);
    if (keys.token.len) {
        llmfi_header_first(h, LLMFI_LIT("X-Amz-Security-Token"), c->aws->token);
        c->secrets = true;
    }
    llmfi_header_first(h, LLMFI_LIT("Authorization"), llmfi_str("", 0));
    return true;
}
#endif

#if LLMF_HAS_RETRY
/* The list of variables with several keys that holds for the call; NULL: there is one key. */
static const llmfi_node *llmfi_key_list(const llmfi_call *c) {
    const llmfi_record *r = &c->prepared->record;
    if (c->f->desc.api_key || c->f->desc.api_key_env || r->api_key.len || r->api_key_env_var.len) return NULL;
    return r->key_list ? r->key_list : r->provider->api_key.len || r->provider->api_key_env_var.len ? NULL : r->provider->key_list;
}

/* How the key of that variable does; NULL: nothing is known. */
static llmfi_health *llmfi_key_health(llmfi_call *c, llmf_str variable) {
    char name[128];
    if (variable.len > sizeof name - 1) return NULL;
    name[0] = '$';
    memcpy(name + 1, variable.ptr, variable.len);
    return llmfi_health_named(c->f, c->prepared->record.provider->name, llmfi_str(name, variable.len + 1), 0);
}

/* The next of several keys that may be used now; empty: none may, or has a value. */
static llmf_str llmfi_key_in_turn(llmfi_call *c, const llmfi_node *list) {
    llmfi_health *model = llmfi_health_at(c), *h;
    const llmfi_node *n;
    size_t i, k, from = model ? model->next_key++ : 0;
    for (i = 0; i < list->count; i++) {
        llmf_str key;
        for (n = list->child, k = (from + i) % list->count; k; k--) n = n->next;
        key = llmfi_env_filled(&c->f->env, n->text);
        h = llmfi_key_health(c, n->text);
        if (!key.len || (h && h->cool_until_ns > c->f->now_ns)) continue;
        c->key = h;
        return key;
    }
    return llmfi_str("", 0);
}

/* Why none of several keys may be used: the one that is out for the shortest time says it. False, with the error. */
static LLMFI_COLD bool llmfi_keys_are_out(llmfi_call *c, const llmfi_node *list) {
    const llmfi_health *first = NULL, *h;
    const llmfi_node *n;
    llmfi_text t;
    for (n = list->child; n; n = n->next) {
        h = llmfi_env_filled(&c->f->env, n->text).len ? llmfi_key_health(c, n->text) : NULL;
        if (h && h->cool_until_ns > c->f->now_ns && (!first || h->cool_until_ns < first->cool_until_ns)) first = h;
    }
    if (!first) return llmfi_no_key(c);
    t = llmfi_error_begin(&c->reply.error, first->cool_code);
    LLMFI_SAY(&t, "no key of provider ");
    llmfi_say(&t, c->prepared->record.provider->name);
    LLMFI_SAY(&t, " may be used now; the first may again in ");
    c->reply.error.retry_after_ms = (int64_t)((first->cool_until_ns - c->f->now_ns) / LLMFI_MS);
    llmfi_say_int(&t, c->reply.error.retry_after_ms);
    LLMFI_SAY(&t, " ms");
    c->kept_away = true;
    c->kept_until_ns = first->cool_until_ns;
    return false;
}
#endif

#if LLMF_HAS_CONFIG
/* The header that the key goes into: of the scheme, or of the provider's own. */
static llmf_str llmfi_auth_header(const llmfi_call *c, int auth) {
    const llmfi_node *own = c->prepared->record.provider->own_auth;
    return own ? llmfi_entry_text(own, "header") : llmfi_cstr(llmfi_word_at(llmfi_auth_headers, auth));
}

/* Base URL of the operation's own, in the table; empty. */
static llmf_str llmfi_op_url(const llmfi_call *c) {
#if LLMFI_HAS_OPS
    const llmfi_op_row *host = c->reply.job ? c->reply.job->host : NULL;
    if (host && llmfi_starts(llmfi_cstr(host->url), LLMFI_LIT("https://"))) return llmfi_cstr(host->url);
#endif
    (void)c;
    return llmfi_str("", 0);
}

/* May the key go where the request goes? A provider that needs none is asked without: *found is empty then. False with the error. */
static bool llmfi_key_may_go(llmfi_call *c, llmfi_credential *found) {
    const llmfi_record *r = &c->prepared->record;
    if (c->f->replay || llmfi_origin_ok(r, &c->f->desc, found->owner, c->x.req.url, llmfi_op_url(c))) return true;
    found->key = llmfi_str("", 0);
    found->fetch = LLMFI_FETCH_NONE;
    if (r->s.quirks & LLMFI_Q_NO_KEY_NEEDED) found->owner = LLMFI_OWNER_PROGRAM; /* which has none: lists are not looked at */
    return (r->s.quirks & LLMFI_Q_NO_KEY_NEEDED) || llmfi_origin_refuse(r, found->owner, LLMFI_WORDS("the key"), llmfi_str("", 0), c->x.req.url, &c->reply.error);
}
#else
#define llmfi_auth_header(c, auth) llmfi_cstr(llmfi_word_at(llmfi_auth_headers, (auth)))
#define llmfi_key_may_go(c, found) true
#endif

#if LLMF_HAS_SECRETS || LLMF_HAS_CONFIG
/* The config has a header of the name that the key goes into. */
static bool llmfi_has_own_auth(const llmfi_headers *h, int auth) {
    return LLMFI_HAS_OWN_HEADERS && llmfi_header_find(h, llmfi_auth_header(h->call, auth)) < h->count;
}

/* The key of the call that is built: *found->key, or empty. False: the call waits for it, or fails, with the error. */
static bool llmfi_find_key_of(llmfi_call *c, const llmfi_headers *h, llmfi_credential *found) {
    bool silent = c->previewing || c->f->replay;
    llmfi_record_credential(&c->prepared->record, &c->f->env, !silent, found);
#if LLMF_HAS_SECRETS
    c->secret_id = 0;
    while (found->fetch && !silent && !llmfi_has_own_auth(h, found->auth)) {
        int fetch = found->fetch, got;
        if (!llmfi_key_may_go(c, found)) return false;
        if (!found->fetch) break;
        got = llmfi_secret_for(c, found);
        if (got != LLMFI_FETCHED) return false;
        if (found->fetch == fetch) break;
    }
#endif
    if (found->key.len && !found->fetch && !llmfi_has_own_auth(h, found->auth)) return llmfi_key_may_go(c, found);
    return true;
}

#endif

/* The key goes into one header. What is kept of it is wiped when the call is freed. */
static bool llmfi_set_auth(llmfi_call *c, llmfi_headers *h) {
    const llmfi_record *record = &c->prepared->record;
    llmfi_credential found;
    llmf_str key, name, prefix;
    char *value;
    int auth;
    bool real;
#if LLMF_HAS_SECRETS
    if (!llmfi_find_key_of(c, h, &found)) return c->waits && llmfi_auth_later(h);
#elif LLMF_HAS_CONFIG
    if (!llmfi_find_key_of(c, h, &found)) return false;
#else
    llmfi_record_credential(record, &c->f->env, false, &found);
#endif
    auth = found.auth;
    key = found.key;
    name = llmfi_auth_header(c, auth);
    prefix = llmfi_cstr(llmfi_word_at(llmfi_auth_prefixes, auth));
#if LLMF_HAS_RETRY
    if (key.len && !found.fetch && found.owner != LLMFI_OWNER_PROGRAM && llmfi_key_list(c)) key = llmfi_key_in_turn(c, llmfi_key_list(c));
#endif
    real = key.len != 0;
    if (auth == LLMFI_AUTH_NONE) return true;
#if LLMF_HAS_CONFIG
    if (record->provider->own_auth) prefix = llmfi_entry_text(record->provider->own_auth, "prefix");
#endif
#if LLMF_HAS_RETRY
    if (!real && !found.fetch && found.owner != LLMFI_OWNER_PROGRAM && llmfi_key_list(c) && !c->previewing && !c->f->replay) return llmfi_keys_are_out(c, llmfi_key_list(c));
#endif
#if LLMFI_HAS_OWN_HEADERS
    if (llmfi_own_auth(c, h, name, prefix)) return true;
#endif
#if LLMF_HAS_AWS
    if (auth == LLMFI_AUTH_AWS) return llmfi_set_aws(c, h);
#endif
    if (!real && (c->previewing || c->f->replay)) key = LLMFI_LIT("REDACTED");
    if (!key.len) return (record->s.quirks & LLMFI_Q_NO_KEY_NEEDED) || llmfi_no_key(c);
    if (h->count == LLMF_MAX_REQUEST_HEADERS) return llmfi_error_set(&c->reply.error, LLMF_ERR_LIMIT, "more headers than LLMF_MAX_REQUEST_HEADERS");
    value = (char *)llmfi_arena_alloc(&c->arena, prefix.len + key.len + 1);
    if (!value) return llmfi_error_memory(&c->reply.error);
    memcpy(value, prefix.ptr, prefix.len);
    memcpy(value + prefix.len, key.ptr, key.len);
    c->secret = llmfi_str(value, prefix.len + key.len);
    if (real) c->reply.key = llmfi_from(c->secret, prefix.len);
    llmfi_header_first(h, name, c->secret);
    return llmfi_header_bad_value(c->secret) == LLMFI_NOWHERE ||
           llmfi_error_set(&c->reply.error, LLMF_ERR_AUTH, "the API key holds a line break or another character that HTTP does not allow: look at how it is stored");
}

#if LLMFI_HAS_OWN_HEADERS
static void llmfi_set_config_headers(llmfi_headers *h, const llmfi_node *node, int owner) {
    const llmfi_node *n = node && node->type == LLMFI_OBJECT ? node->child : NULL;
    llmfi_call *c = h->call;
    for (; n; n = n->next) {
#if LLMF_HAS_CONFIG
        if (llmfi_header_secret(n->key) && !c->f->replay && !llmfi_origin_ok(&c->prepared->record, &c->f->desc, owner, c->x.req.url, llmfi_op_url(c))) {
            h->bad = !llmfi_origin_refuse(&c->prepared->record, owner, LLMFI_WORDS("the header "), n->key, c->x.req.url, &c->reply.error);
            return;
        }
#endif
        llmfi_header_set(h, n->key, n->text);
    }
    (void)owner, (void)c;
}
#endif

/* The media type of a reply that is framed so. */
static llmf_str llmfi_accept(int framing) {
    if (framing == LLMFI_FRAMING_EVENTSTREAM) return LLMFI_LIT("application/vnd.amazon.eventstream");
    return framing == LLMF_FRAMING_SSE || framing == LLMF_FRAMING_JSON_ARRAY ? LLMFI_LIT("text/event-stream") : LLMFI_LIT("application/json");
}

static bool llmfi_build_headers(llmfi_call *c) {
    llmfi_headers h;
    llmf_header *at;
    c->x.req.header_count = 0; /* built anew, maybe: those of before are nobody's */
    h.call = c;
    h.count = 0;
    h.bad = false;
    if (!LLMFI_HAS_OPS || c->x.req.method.ptr[0] != 'G') llmfi_header_first(&h, LLMFI_LIT("Content-Type"), LLMFI_LIT("application/json"));
    llmfi_header_first(&h, LLMFI_LIT("Accept"), llmfi_accept(c->framing));
    llmfi_header_first(&h, LLMFI_LIT("User-Agent"), LLMFI_LIT("llmfactory/" LLMF_VERSION));
    if (llmfi_trace_asked(c)) llmfi_header_first(&h, LLMFI_LIT("traceparent"), llmfi_trace_header(c));
    if (llmfi_adapter_of(c)->headers) llmfi_adapter_of(c)->headers(&c->ask, llmfi_header_set, &h);
#if LLMFI_HAS_OWN_HEADERS
    llmfi_set_config_headers(&h, c->prepared->record.provider->headers, LLMFI_OWNER_PROVIDER);
    llmfi_set_config_headers(&h, c->prepared->record.headers, LLMFI_OWNER_MODEL);
#endif
    if (h.bad || !llmfi_set_auth(c, &h)) return false;
    at = (llmf_header *)llmfi_arena_array(&c->arena, h.count, sizeof *at);
    if (c->arena.failed) return llmfi_error_memory(&c->reply.error);
    memcpy(at, h.at, h.count * sizeof *at);
    c->x.req.headers = at;
    c->x.req.header_count = h.count;
    return true;
}

#if LLMF_HAS_LIST && LLMF_HAS_CONFIG
typedef struct llmfi_query {
    llmfi_out *out;
    bool begun;                              /* its ? has come */
    bool follows;                            /* the host's own path has a query: this one goes on with it */
} llmfi_query;

static void llmfi_query_tap(void *user, const char *bytes, size_t len) {
    llmfi_query *q = (llmfi_query *)user;
    size_t at = q->begun ? 0 : llmfi_find_char(llmfi_str(bytes, len), '?');
    if (at == LLMFI_NOWHERE) return;
    if (!q->begun && q->follows) {
        LLMFI_PUT(q->out, "&");
        at++;
    }
    q->begun = true;
    llmfi_put(q->out, bytes + at, len - at);
}

/* What stands behind the base URL. The list of models may have a path of the host's own: the adapter's query, which says the page, goes with it. */
static void llmfi_write_path(const llmfi_adapter *adapter, const llmfi_call *c, llmfi_out *out) {
    llmf_str own = c->req.op == LLMF_OP_LIST_MODELS ? llmfi_entry_text(c->prepared->record.provider->node, "models_path") : llmfi_str("", 0);
    llmfi_query q;
    llmfi_out all;
    if (!own.len) {
        adapter->path(&c->ask, out);
        return;
    }
    q.out = out;
    q.begun = false;
    q.follows = llmfi_find_char(own, '?') != LLMFI_NOWHERE;
    llmfi_out_count(&all);
    all.tap = llmfi_query_tap;
    all.tap_user = &q;
    llmfi_put(out, own.ptr, own.len);
    adapter->path(&c->ask, &all);
}
#else
#define llmfi_write_path(adapter, c, out) (adapter)->path(&(c)->ask, (out))
#endif

/* base URL + the adapter's path; a query in the base URL goes behind the path. The path is written twice: once to be measured. */
static bool llmfi_build_url(llmfi_call *c) {
    const llmfi_adapter *adapter = llmfi_adapter_of(c);
    llmf_str base = c->ask.model->base_url, query = llmfi_str("", 0), path;
    size_t mark = llmfi_find_char(base, '?');
    llmfi_out out;
    char *url;
    if (mark != LLMFI_NOWHERE) {
        query = llmfi_from(base, mark);
        base.len = mark;
    }
    while (base.len && base.ptr[base.len - 1] == '/') base.len--;
    llmfi_out_count(&out);
    llmfi_write_path(adapter, c, &out);
    path.len = out.total < 65536 ? (size_t)out.total : 65536;
    url = (char *)llmfi_arena_alloc(&c->arena, base.len + path.len + query.len + 1);
    if (!url || path.len != out.total) return llmfi_error_memory(&c->reply.error);
    c->x.req.url = llmfi_str(url, base.len + path.len + query.len);
    if (base.len) memcpy(url, base.ptr, base.len);
    path.ptr = url += base.len;
    llmfi_out_window(&out, url, path.len, 0);
    llmfi_write_path(adapter, c, &out);
    if (query.len) memcpy(url + path.len, query.ptr, query.len);
    if (query.len && llmfi_find_char(path, '?') != LLMFI_NOWHERE) url[path.len] = '&';
#if LLMF_HAS_REGISTER
    if (c->prepared->dialect && llmfi_url_bad_char(c->x.req.url) != LLMFI_NOWHERE)
        return llmfi_error_set(&c->reply.error, LLMF_ERR_ARGUMENT, "the path that the registered dialect wrote holds a character that no URL may have");
#endif
    return true;
}

/* Writes the body once to know its length, and its digest where that is signed; what fits is kept, so that sending it right after need not write it again. */
static bool llmfi_measure_body(llmfi_call *c) {
    llmf_factory *f = c->f;
    llmfi_out out;
#if LLMF_HAS_AWS
    unsigned char digest[LLMFI_SHA256];
    llmfi_sha256 hash;
#endif
    f->body_of = 0;
    llmfi_out_window(&out, f->body, sizeof f->body, 0);
#if LLMF_HAS_AWS
    if (c->signs) {
        llmfi_sha256_init(&hash);
        out.tap = llmfi_sha256_tap;
        out.tap_user = &hash;
    }
#endif
    if (!llmfi_body_emit(llmfi_adapter_of(c), &c->ask, &out))
        return llmfi_error_set(&c->reply.error, LLMF_ERR_ARGUMENT, "the request cannot be written as JSON: is it nested deeper than LLMF_MAX_DEPTH?");
    c->x.req.body_len = out.total;
    if (out.total <= sizeof f->body) f->body_of = c->id;
#if LLMF_HAS_AWS
    if (!c->signs) return true;
    llmfi_sha256_end(&hash, digest);
    return llmfi_sign(c, digest);
#else
    return true;
#endif
}

/* Everything of the HTTP request but the bytes of its body. False with the error in the reply. */
LLMFI_UNUSED static bool llmfi_build_http(llmfi_call *c) {
    c->framing = llmfi_framing_of(c, c->req.stream);
    c->x.req.method = LLMFI_HAS_OPS && c->reply.job && c->reply.job->get ? LLMFI_LIT("GET") : LLMFI_LIT("POST");
    if (!llmfi_build_url(c) || !llmfi_build_headers(c)) return false;
    llmfi_body_init(&c->body, llmfi_adapter_of(c), &c->ask);
    c->x.req.connect_timeout_ms = c->req.timeouts.connect_ms;
    return llmfi_measure_body(c);
}

/* Writes the next bytes of the body. A file in it that cannot be read any more ends the call. */
static size_t llmfi_read_body(llmfi_call *c, char *out, size_t cap) {
    size_t n = llmfi_body_read(&c->body, out, cap);
#if LLMF_HAS_TRANSCRIBE
    if (c->reply.job && c->reply.job->file.failed) {
        if (c->reply.error.code == LLMF_OK) llmfi_error_set(&c->reply.error, LLMF_ERR_ARGUMENT, "input.audio.path: the file cannot be read to its end: has it changed meanwhile?");
        c->f->deferred = true;
        return 0;
    }
#endif
    return n;
}

LLMF_API size_t llmf_exchange_read(llmf_exchange *x, char *out, size_t cap) {
    llmfi_call *c = (llmfi_call *)x->owner;
    uint64_t left;
#if LLMFI_HAS_FETCH
    if (llmfi_is_fetch(x)) return llmfi_fetch_read((llmfi_fetch *)x->owner, out, cap);
#endif
    left = x->req.body_len - c->body.at;
    if (c->f->body_of != c->id) return llmfi_read_body(c, out, cap);
    if (cap > left) cap = (size_t)left;
    memcpy(out, c->f->body + c->body.at, cap);
    c->body.at += cap;
    return cap;
}

LLMF_API void llmf_exchange_rewind(llmf_exchange *x) {
#if LLMFI_HAS_FETCH
    if (llmfi_is_fetch(x)) {
        ((llmfi_fetch *)x->owner)->sent = 0;
        return;
    }
#endif
    llmfi_body_rewind(&((llmfi_call *)x->owner)->body);
}

/* ---- which transport ---- */

static bool llmfi_https(llmf_str url) {
    return llmfi_starts(url, LLMFI_LIT("https:"));
}

/* The user's own first; else the one named; else the socket for plain http and curl for the rest; without curl the socket, which may have TLS. NULL with the error. */
static llmfi_transport *llmfi_transport_for(llmf_factory *f, llmf_str url, llmf_error *err) {
    llmfi_transport *t = NULL;
#if LLMF_HAS_DIALECT_MOCK
    if (llmfi_starts(url, LLMFI_LIT("mock:"))) return f->echo;
#endif
    if (f->custom) return f->custom;
    if (f->stream) return f->stream;
    if (f->desc.transport && f->desc.transport[0]) {
        llmf_str name = llmfi_cstr(f->desc.transport);
        size_t i;
        for (i = 0; i < f->transport_count; i++)
            if (llmfi_eq(llmfi_cstr(f->transports[i]->name), name)) t = f->transports[i];
    } else {
        t = !llmfi_https(url) && f->socket ? f->socket : f->curl ? f->curl : f->socket;
    }
    if (t) return t;
    llmfi_error_set(err, LLMF_ERR_NOT_BUILT,
                    "no transport of this build can reach that URL: link libcurl (without LLMF_NO_CURL), or set llmf_desc.custom_transport");
    return NULL;
}

LLMFI_UNUSED static bool llmfi_send(llmfi_call *c) {
    llmfi_transport *t = llmfi_transport_for(c->f, c->x.req.url, &c->reply.error);
    int rc;
    if (!t) return false;
    c->x.owner = c;
    c->x.checked = true; /* by llmfi_header_set, and llmfi_check_headers, which knows the transport's own */
    c->x.by = t;
    c->x.deadline_ns = c->req.timeouts.connect_ms > 0 ? llmfi_after_ms(c->f->now_ns, c->req.timeouts.connect_ms) : 0;
    llmfi_seen_sent(c);
    rc = t->start(t, &c->x);
    if (rc == LLMF_OK) return true;
    c->x.by = NULL;
    if (c->reply.error.code == LLMF_OK) llmfi_error_set(&c->reply.error, rc, t->why ? t->why : "the transport cannot start the request");
    return false;
}

#endif
