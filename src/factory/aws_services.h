/* The AWS services that a configuration comes from, all together: the addresses of config sources, what is asked (service_request.h), what comes (service_reply.h),
   and llmf_aws_decode for those who have a reply.

       s3://bucket/models.yaml?region=eu-west-1     one object; s3://bucket/models/ all that lie below. ssm:/app/models   one parameter
       options behind '?', divided by '&': region, endpoint (a URL instead of Amazon's), path_style=true, profile */
#ifndef LLMFI_FACTORY_AWS_SERVICES_H
#define LLMFI_FACTORY_AWS_SERVICES_H
#include "service_reply.h"

#if LLMFI_HAS_SERVICES

/* ---- sources ---- */

/* What an address of a config source means. op: LLMFI_SERVICE_S3_GET, _S3_LIST (`name` is a prefix, empty or with '/' at its end) or _SSM_GET. */
typedef struct llmfi_aws_source {
    int op;
    llmf_str bucket, name;
    llmfi_service_place place;
} llmfi_aws_source;

/* An address that llmfi_aws_source_parse reads. */
LLMFI_UNUSED static bool llmfi_is_aws_source(llmf_str text) {
    return llmfi_starts(text, LLMFI_LIT("s3:")) || llmfi_starts(text, LLMFI_LIT("ssm:"));
}

/* A value with its %XX decoded, in the arena where it has some. */
static llmf_str llmfi_aws_source_decoded(llmf_str s, llmfi_arena *a) {
    llmf_str copy, rest = s;
    size_t n = 0;
    char *to;
    if (llmfi_find_char(s, '%') == LLMFI_NOWHERE) return s;
    copy = llmfi_arena_copy(a, s);
    for (to = (char *)(uintptr_t)copy.ptr; copy.len && rest.len; n++) to[n] = (char)llmfi_url_byte(&rest);
    return llmfi_str(copy.ptr, copy.len ? n : 0);
}

static bool llmfi_aws_source_refuse_option(llmf_error *err, llmf_str about, llmf_str option, const char *what) {
    llmfi_text t = llmfi_service_error(err, LLMF_ERR_CONFIG, about);
    llmfi_say(&t, llmfi_utf8_cut(option, 40));
    llmfi_say_c(&t, what);
    return false;
}

static bool llmfi_aws_source_options(llmfi_aws_source *s, llmf_str query, llmf_str about, llmfi_arena *a, llmf_error *err) {
    llmfi_parameter p;
    p.at = 0;
    while (llmfi_query_next(&query, &p)) {
        llmf_str value = llmfi_aws_source_decoded(p.value, a);
        if (LLMFI_IS(p.name, "region")) s->place.region = value;
        else if (LLMFI_IS(p.name, "endpoint")) s->place.endpoint = value;
        else if (LLMFI_IS(p.name, "profile")) s->place.profile = value;
        else if (LLMFI_IS(p.name, "path_style") && s->op != LLMFI_SERVICE_SSM_GET) s->place.path_style = LLMFI_IS(value, "true");
        else return llmfi_aws_source_refuse_option(err, about, p.name, s->op == LLMFI_SERVICE_SSM_GET ? LLMFI_WORDS(": no such option; there are region, endpoint, profile") :
                                               LLMFI_WORDS(": no such option; there are region, endpoint, path_style, profile. (A key with '?' in it cannot be named)"));
        if (a->failed) return llmfi_error_memory(err);
        if (LLMFI_IS(p.name, "path_style") ? !s->place.path_style && !LLMFI_IS(value, "false") : !value.len)
            return llmfi_aws_source_refuse_option(err, about, p.name, LLMFI_IS(p.name, "path_style") ? LLMFI_WORDS(" is true or false") : LLMFI_WORDS(" has no value"));
    }
    if (s->place.region.len && !llmfi_service_region_ok(s->place.region)) return llmfi_service_refuse(err, about, "region is no name such as us-east-1");
    if (s->place.endpoint.len && !llmfi_service_endpoint_ok(s->place.endpoint)) return llmfi_service_refuse(err, about, "endpoint is no URL such as https://host");
    return true;
}

/* "ssm:/name", "ssm:name", an ARN; "ssm://name" is /name where it has folders, as only those begin with '/'. */
static bool llmfi_aws_source_parameter(llmfi_aws_source *s, llmf_str text, llmf_str about, llmf_error *err) {
    bool slashes = llmfi_starts(text, LLMFI_LIT("//"));
    s->op = LLMFI_SERVICE_SSM_GET;
    s->name = slashes ? llmfi_from(text, 2) : text;
    if (slashes && s->name.len && s->name.ptr[0] != '/' && !llmfi_starts(s->name, LLMFI_LIT("arn:")) && llmfi_find_char(s->name, '/') != LLMFI_NOWHERE)
        s->name = llmfi_from(text, 1);
    if (!s->name.len || LLMFI_IS(s->name, "/")) return llmfi_service_refuse(err, about, "no parameter is named: write ssm:/name");
    return s->name.ptr[s->name.len - 1] != '/' || llmfi_service_refuse(err, about, "a parameter's name does not end with '/': one parameter is read, not a folder of them");
}

static bool llmfi_aws_source_bucket(llmfi_aws_source *s, llmf_str text, llmf_str about, llmf_error *err) {
    size_t slash;
    if (!llmfi_starts(text, LLMFI_LIT("//"))) return llmfi_service_refuse(err, about, "write s3://bucket/key, or s3://bucket/prefix/");
    text = llmfi_from(text, 2);
    slash = llmfi_find_char(text, '/');
    s->bucket = llmfi_str(text.ptr, slash == LLMFI_NOWHERE ? text.len : slash);
    s->name = llmfi_from(text, slash == LLMFI_NOWHERE ? text.len : slash + 1);
    s->op = !s->name.len || s->name.ptr[s->name.len - 1] == '/' ? LLMFI_SERVICE_S3_LIST : LLMFI_SERVICE_S3_GET;
    if (!s->bucket.len) return llmfi_service_refuse(err, about, "no bucket is named: write s3://bucket/key");
    if (llmfi_starts(s->bucket, LLMFI_LIT("arn:")))
        return llmfi_service_refuse(err, about, "an access point's ARN cannot be read; name the bucket, or the access point's alias");
    if (!llmfi_s3_bucket_ok(s->bucket)) return llmfi_service_refuse(err, about, "no bucket has this name: only letters, digits, '-', '_' and '.' stand in one");
    return s->name.len <= 1024 || llmfi_service_refuse(err, about, "a key has 1024 bytes at most");
}

/* Takes an address of a config source apart; views into `text`, options with %XX in the arena. A key is as it stands, not encoded. */
LLMFI_UNUSED static bool llmfi_aws_source_parse(llmfi_aws_source *s, llmf_str text, llmfi_arena *a, llmf_error *err) {
    size_t query = llmfi_find_char(text, '?');
    llmf_str path = llmfi_str(text.ptr, query == LLMFI_NOWHERE ? text.len : query), options = llmfi_from(text, query == LLMFI_NOWHERE ? text.len : query + 1);
    bool good;
    memset(s, 0, sizeof *s);
    s->bucket = s->name = s->place.region = s->place.endpoint = s->place.profile = llmfi_str("", 0);
    if (llmfi_find_control(text, 0) != LLMFI_NOWHERE || !llmfi_utf8_valid(text, NULL))
        return llmfi_error_set(err, LLMF_ERR_CONFIG, "the address of a config source holds a control character, or bytes that are not UTF-8");
    if (llmfi_starts(path, LLMFI_LIT("ssm:"))) good = llmfi_aws_source_parameter(s, llmfi_from(path, 4), path, err);
    else if (llmfi_starts(path, LLMFI_LIT("s3:"))) good = llmfi_aws_source_bucket(s, llmfi_from(path, 3), path, err);
    else return llmfi_service_refuse(err, path, "neither s3://bucket/key nor ssm:/name");
    return good && llmfi_aws_source_options(s, options, path, a, err);
}

/* ---- for those who have a reply: llmf_aws_decode ---- */

/* Looks at bytes that come in pieces: are they UTF-8? */
typedef struct llmfi_service_look {
    char held[4];
    int count;
    bool bad;
} llmfi_service_look;

static void llmfi_service_look_tap(void *user, const char *bytes, size_t len) {
    llmfi_service_look *l = (llmfi_service_look *)user;
    uint32_t cp;
    size_t i;
    for (i = 0; i < len && !l->bad; i++) {
        int n;
        l->held[l->count++] = bytes[i];
        n = llmfi_utf8_next(l->held, l->held + l->count, &cp);
        l->bad = n < 0;
        if (n > 0) l->count = 0;
    }
}

static void llmfi_service_string_tap(void *user, const char *bytes, size_t len) {
    llmfi_jw_str_piece((llmfi_jw *)user, llmfi_str(bytes, len));
}

/* Pieces of base64 come 192 bytes at a time, and an object's all at once: each is a whole number of groups, but for the last. */
static void llmfi_service_base64_out_tap(void *user, const char *bytes, size_t len) {
    llmfi_put_base64(((llmfi_jw *)user)->out, bytes, len);
}

/* "value" or "value_b64", without a copy of it: it is put twice. */
static bool llmfi_service_write_value(llmfi_jw *w, int op, llmf_str body, llmf_str about, llmf_error *err) {
    llmfi_service_look look;
    llmfi_out o;
    memset(&look, 0, sizeof look);
    llmfi_out_count(&o);
    o.tap = llmfi_service_look_tap;
    o.tap_user = &look;
    if (!llmfi_service_value(op, body, about, &o, NULL, err)) return false;
    if (look.count) look.bad = true;
    o.tap = look.bad ? llmfi_service_base64_out_tap : llmfi_service_string_tap;
    o.tap_user = w;
    llmfi_jw_key_str(w, look.bad ? LLMFI_LIT("value_b64") : LLMFI_LIT("value"));
    llmfi_jw_str_begin(w);
    (void)llmfi_service_value(op, body, about, &o, NULL, err);
    llmfi_jw_str_end(w);
    return true;
}

/* A key, a prefix or a token as a string of JSON. */
static void llmfi_service_write_text(llmfi_jw *w, const llmfi_s3_page *p, llmf_str raw, bool token) {
    llmfi_out o;
    llmfi_out_count(&o);
    o.tap = llmfi_service_string_tap;
    o.tap_user = w;
    llmfi_jw_str_begin(w);
    (void)(token ? llmfi_xml_put(&o, raw) : llmfi_s3_put(p, &o, raw));
    llmfi_jw_str_end(w);
}

static bool llmfi_service_write_list(llmfi_jw *w, llmf_str body, llmf_str about, llmf_error *err) {
    llmfi_s3_page p;
    int kind, got;
    if (!llmfi_s3_page_begin(&p, body, about, err)) return false;
    for (kind = LLMFI_S3_KEY; kind <= LLMFI_S3_PREFIX; kind++) {
        llmfi_jw_key_str(w, kind == LLMFI_S3_KEY ? LLMFI_LIT("keys") : LLMFI_LIT("prefixes"));
        llmfi_jw_array(w);
        llmfi_xml_init(&p.xml, body);
        while ((got = llmfi_s3_list_next(&p)) != LLMFI_S3_END)
            if (got == kind) llmfi_service_write_text(w, &p, p.key, false);
        llmfi_jw_array_end(w);
    }
    if (p.token.len) {
        llmfi_jw_key(w, "next_token");
        llmfi_service_write_text(w, &p, p.token, true);
    }
    return true;
}

/* The error's own message as the caller's text. */
static size_t llmfi_service_write_message(llmf_str body, char *out, size_t cap, llmf_error *err) {
    llmfi_service_said said;
    char text[512];
    llmf_str message;
    size_t n;
    llmfi_service_read(&said, body);
    message = llmfi_service_message(&said, text, sizeof text);
    if (!cap) return 0;
    n = llmfi_utf8_cut(message, cap - 1).len;
    if (n) memcpy(out, message.ptr, n);
    out[n] = '\0';
    err->message = llmfi_str(out, n);
    return 0;
}

LLMF_API size_t llmf_aws_decode(const char *operation, int status, llmf_str body, char *out, size_t cap, llmf_error *err) {
    llmf_error own;
    llmf_str about = llmfi_cstr(operation), region;
    llmfi_out o;
    llmfi_jw w;
    int op, got;
    if (!err) err = &own;
    llmfi_error_clear(err);
    if (!out) cap = 0;
    if (cap) out[0] = '\0';
    for (op = 0; op < LLMFI_SERVICE_OPS && !llmfi_eq(about, llmfi_cstr(llmfi_service_ops[op].name));) op++;
    if (op == LLMFI_SERVICE_OPS)
        return (void)llmfi_error_set(err, LLMF_ERR_ARGUMENT, "llmf_aws_decode: operation is GetObject, ListObjectsV2, GetParameter or GetSecretValue"), (size_t)0;
    got = llmfi_service_judge(op, status, llmfi_str("", 0), llmfi_str("", 0), body, about, &region, err);
    if (got == LLMFI_SERVICE_SAME) (void)llmfi_error_set(err, LLMF_ERR_BAD_REQUEST, "llmf_aws_decode: a reply that nothing has changed (304) holds nothing");
    if (got != LLMFI_SERVICE_GOOD) return llmfi_service_write_message(body, out, cap, err);
    llmfi_out_window(&o, out, cap ? cap - 1 : 0, 0);
    llmfi_jw_init(&w, &o);
    llmfi_jw_object(&w);
    if (op == LLMFI_SERVICE_S3_LIST ? !llmfi_service_write_list(&w, body, about, err) : !llmfi_service_write_value(&w, op, body, about, err)) {
        if (cap) llmfi_wipe(llmfi_str(out, cap));
        return 0;
    }
    llmfi_jw_object_end(&w);
    if (cap) out[o.len] = '\0';
    return (size_t)o.total;
}

#else

LLMF_API size_t llmf_aws_decode(const char *operation, int status, llmf_str body, char *out, size_t cap, llmf_error *err) {
    (void)operation, (void)status, (void)body;
    if (out && cap) out[0] = '\0';
    if (err) llmfi_error_put_left_out(err, "llmf_aws_decode", "SOURCES");
    return 0;
}

#endif
#endif
