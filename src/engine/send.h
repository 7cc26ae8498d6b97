/* From what an adapter is asked to an HTTP request: URL, headers, authorization, transport. */
#ifndef LLMFI_ENGINE_SEND_H
#define LLMFI_ENGINE_SEND_H
#include "../wire/url.h"
#include "core.h"
#include "registered.h"

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

/* A header set later under the same name replaces the earlier one: config over adapter. */
static void llmfi_header_set(void *user, llmf_str name, llmf_str value) {
    llmfi_headers *h = (llmfi_headers *)user;
    size_t i;
    if (h->bad) return;
    if (!llmfi_header_ok(name, value)) {
        llmfi_text t = llmfi_error_begin(&h->call->reply.error, LLMF_ERR_CONFIG);
        LLMFI_SAY(&t, "header ");
        if (llmfi_utf8_valid(name, NULL)) llmfi_say(&t, name);
        LLMFI_SAY(&t, ": its name or value holds a line break or another character that HTTP does not allow; mend it in the config");
        h->bad = true;
        return;
    }
    for (i = 0; i < h->count; i++)
        if (llmfi_eq_nocase(h->at[i].name, name)) break;
    if (i == LLMF_MAX_REQUEST_HEADERS) {
        llmfi_error_set(&h->call->reply.error, LLMF_ERR_LIMIT, "more headers than LLMF_MAX_REQUEST_HEADERS");
        h->bad = true;
        return;
    }
    h->at[i].name = llmfi_arena_copy(&h->call->arena, name);
    h->at[i].value = llmfi_arena_copy(&h->call->arena, value);
    if (llmfi_header_secret(name)) h->call->secrets = true;
    if (i == h->count) h->count++;
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

/* The config's own header of that name takes the key's place. */
static bool llmfi_own_auth(llmfi_call *c, const llmfi_headers *h, int auth) {
    llmf_str name = llmfi_cstr(llmfi_auth_rows[auth].header), prefix = llmfi_cstr(llmfi_auth_rows[auth].prefix);
    size_t i;
    for (i = 0; i < h->count && !llmfi_eq_nocase(h->at[i].name, name); i++) continue;
    if (i == h->count) return false;
    c->reply.key = llmfi_from(h->at[i].value, llmfi_starts(h->at[i].value, prefix) ? prefix.len : 0);
    return true;
}

/* The key goes into one header. What is kept of it is wiped when the call is freed. */
static bool llmfi_set_auth(llmfi_call *c, llmfi_headers *h) {
    const llmfi_record *record = &c->prepared->record;
    int auth = LLMFI_AUTH_NONE;
    llmf_str key = llmfi_record_key(record, &c->f->env, &auth), name, prefix;
    char *value;
    bool real;
    if (auth == LLMFI_AUTH_NONE || llmfi_own_auth(c, h, auth)) return true;
    real = key.len != 0;
    if (!real && (c->previewing || c->f->replay)) key = LLMFI_LIT("REDACTED");
    if (!key.len) return (record->s.quirks & LLMFI_Q_NO_KEY_NEEDED) || llmfi_no_key(c);
    name = llmfi_cstr(llmfi_auth_rows[auth].header);
    prefix = llmfi_cstr(llmfi_auth_rows[auth].prefix);
    if (!name.len) return llmfi_error_set(&c->reply.error, LLMF_ERR_NOT_BUILT, "this provider's way of authorization is not in this build");
    if (h->count == LLMF_MAX_REQUEST_HEADERS) return llmfi_error_set(&c->reply.error, LLMF_ERR_LIMIT, "more headers than LLMF_MAX_REQUEST_HEADERS");
    value = (char *)llmfi_arena_alloc(&c->arena, prefix.len + key.len + 1);
    if (!value) return llmfi_error_memory(&c->reply.error);
    if (prefix.len) memcpy(value, prefix.ptr, prefix.len);
    memcpy(value + prefix.len, key.ptr, key.len);
    c->secret = llmfi_str(value, prefix.len + key.len);
    if (real) c->reply.key = llmfi_from(c->secret, prefix.len);
    h->at[h->count].name = name;
    h->at[h->count++].value = c->secret;
    if (llmfi_header_bad_value(c->secret) == LLMFI_NOWHERE) return true;
    llmfi_error_set(&c->reply.error, LLMF_ERR_AUTH, "the API key holds a line break or another character that HTTP does not allow: look at how it is stored");
    return false;
}

static void llmfi_set_config_headers(llmfi_headers *h, const llmfi_node *node) {
    const llmfi_node *n = node && node->type == LLMFI_OBJECT ? node->child : NULL;
    for (; n; n = n->next) llmfi_header_set(h, n->key, n->text);
}

/* A header of ours: nothing to check, to replace or to copy. */
static void llmfi_header_first(llmfi_headers *h, llmf_str name, llmf_str value) {
    h->at[h->count].name = name;
    h->at[h->count++].value = value;
}

static bool llmfi_build_headers(llmfi_call *c) {
    llmfi_headers h;
    llmf_header *at;
    h.call = c;
    h.count = 0;
    h.bad = false;
    llmfi_header_first(&h, LLMFI_LIT("Content-Type"), LLMFI_LIT("application/json"));
    llmfi_header_first(&h, LLMFI_LIT("Accept"), c->framing == LLMF_FRAMING_SSE || c->framing == LLMF_FRAMING_JSON_ARRAY ? LLMFI_LIT("text/event-stream") : LLMFI_LIT("application/json"));
    llmfi_header_first(&h, LLMFI_LIT("User-Agent"), LLMFI_LIT("llmfactory/" LLMF_VERSION));
    if (c->prepared->adapter && c->prepared->adapter->headers) c->prepared->adapter->headers(&c->ask, llmfi_header_set, &h);
    llmfi_set_config_headers(&h, c->prepared->record.provider->headers);
    llmfi_set_config_headers(&h, c->prepared->record.headers);
    if (h.bad || !llmfi_set_auth(c, &h)) return false;
    at = (llmf_header *)llmfi_arena_array(&c->arena, h.count, sizeof *at);
    if (c->arena.failed) return llmfi_error_memory(&c->reply.error);
    memcpy(at, h.at, h.count * sizeof *at);
    c->x.req.headers = at;
    c->x.req.header_count = h.count;
    return true;
}

/* base URL + the adapter's path; a query in the base URL goes behind the path. The path is written twice: once to be measured. */
static bool llmfi_build_url(llmfi_call *c) {
    const llmfi_adapter *adapter = llmfi_adapter_of(c);
    llmf_str base = c->prepared->record.s.base_url, query = llmfi_str("", 0), path;
    size_t mark = llmfi_find_char(base, '?');
    llmfi_out out;
    char *url;
    if (mark != LLMFI_NOWHERE) {
        query = llmfi_from(base, mark);
        base.len = mark;
    }
    while (base.len && base.ptr[base.len - 1] == '/') base.len--;
    llmfi_out_count(&out);
    adapter->path(&c->ask, &out);
    path.len = out.total < 65536 ? (size_t)out.total : 65536;
    url = (char *)llmfi_arena_alloc(&c->arena, base.len + path.len + query.len + 1);
    if (!url || path.len != out.total) return llmfi_error_memory(&c->reply.error);
    c->x.req.url = llmfi_str(url, base.len + path.len + query.len);
    if (base.len) memcpy(url, base.ptr, base.len);
    path.ptr = url += base.len;
    llmfi_out_window(&out, url, path.len, 0);
    adapter->path(&c->ask, &out);
    if (query.len) memcpy(url + path.len, query.ptr, query.len);
    if (query.len && llmfi_find_char(path, '?') != LLMFI_NOWHERE) url[path.len] = '&';
    if (c->prepared->dialect && llmfi_url_bad_char(c->x.req.url) != LLMFI_NOWHERE)
        return llmfi_error_set(&c->reply.error, LLMF_ERR_ARGUMENT, "the path that the registered dialect wrote holds a character that no URL may have");
    return true;
}

/* Writes the body once to know its length; what fits is kept, so that sending it right after need not write it again. */
static bool llmfi_measure_body(llmfi_call *c) {
    llmf_factory *f = c->f;
    llmfi_out out;
    f->body_of = 0;
    llmfi_out_window(&out, f->body, sizeof f->body, 0);
    if (!llmfi_body_emit(llmfi_adapter_of(c), &c->ask, &out)) return false;
    c->x.req.body_len = out.total;
    if (out.total <= sizeof f->body) f->body_of = c->id;
    return true;
}

/* Everything of the HTTP request but the bytes of its body. False with the error in the reply. */
LLMFI_UNUSED static bool llmfi_build_http(llmfi_call *c) {
    c->framing = llmfi_framing_of(c, c->req.stream);
    if (!llmfi_build_url(c) || !llmfi_build_headers(c)) return false;
    llmfi_body_init(&c->body, llmfi_adapter_of(c), &c->ask);
    c->x.req.method = LLMFI_LIT("POST");
    if (!llmfi_measure_body(c)) {
        llmfi_error_set(&c->reply.error, LLMF_ERR_ARGUMENT, "the request cannot be written as JSON: is it nested deeper than LLMF_MAX_DEPTH?");
        return false;
    }
    c->x.req.connect_timeout_ms = c->req.timeouts.connect_ms;
    return true;
}

LLMF_API size_t llmf_exchange_read(llmf_exchange *x, char *out, size_t cap) {
    llmfi_call *c = (llmfi_call *)x->owner;
    uint64_t left = x->req.body_len - c->body.at;
    if (c->f->body_of != c->id) return llmfi_body_read(&c->body, out, cap);
    if (cap > left) cap = (size_t)left;
    memcpy(out, c->f->body + c->body.at, cap);
    c->body.at += cap;
    return cap;
}

LLMF_API void llmf_exchange_rewind(llmf_exchange *x) {
    llmfi_body_rewind(&((llmfi_call *)x->owner)->body);
}

/* ---- which transport ---- */

static bool llmfi_https(llmf_str url) {
    return llmfi_starts(url, LLMFI_LIT("https:"));
}

/* The user's own first; else the one named; else the socket for plain http and curl for the rest. NULL with the error. */
static llmfi_transport *llmfi_transport_for(llmfi_call *c) {
    llmf_factory *f = c->f;
    llmfi_transport *t = NULL;
#if LLMF_HAS_DIALECT_MOCK
    if (llmfi_starts(c->x.req.url, LLMFI_LIT("mock:"))) return f->echo;
#endif
    if (f->custom) return f->custom;
    if (f->stream) return f->stream;
    if (f->desc.transport && f->desc.transport[0]) {
        llmf_str name = llmfi_cstr(f->desc.transport);
        size_t i;
        for (i = 0; i < f->transport_count; i++)
            if (llmfi_eq(llmfi_cstr(f->transports[i]->name), name)) t = f->transports[i];
    } else {
        t = !llmfi_https(c->x.req.url) && f->socket ? f->socket : f->curl ? f->curl : f->socket;
    }
    if (t) return t;
    llmfi_error_set(&c->reply.error, LLMF_ERR_NOT_BUILT,
                    "no transport of this build can reach that URL: link libcurl (without LLMF_NO_CURL), or set llmf_desc.custom_transport");
    return NULL;
}

LLMFI_UNUSED static bool llmfi_send(llmfi_call *c) {
    llmfi_transport *t = llmfi_transport_for(c);
    int rc;
    if (!t) return false;
    c->x.owner = c;
    c->x.checked = true; /* by llmfi_header_set, and llmfi_check_headers, which knows the transport's own */
    c->x.by = t;
    c->x.deadline_ns = c->req.timeouts.connect_ms > 0 ? llmfi_after_ms(c->f->now_ns, c->req.timeouts.connect_ms) : 0;
    rc = t->start(t, &c->x);
    if (rc == LLMF_OK) return true;
    c->x.by = NULL;
    if (c->reply.error.code == LLMF_OK) llmfi_error_set(&c->reply.error, rc, t->why ? t->why : "the transport cannot start the request");
    return false;
}

#endif
