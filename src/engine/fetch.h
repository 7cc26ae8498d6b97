/* Requests of the factory's own, which no caller sees: for AWS keys, config and secrets. By the factory's transports, so that nothing blocks: whoever wants one
   starts it and looks, whenever llmf_poll has run what is deferred, whether it is over. */
#ifndef LLMFI_ENGINE_FETCH_H
#define LLMFI_ENGINE_FETCH_H
#include "core.h"

#if LLMFI_HAS_FETCH

static llmfi_transport *llmfi_transport_for(llmf_factory *f, llmf_str url, llmf_error *err);

/* limit: bytes of a reply's body. */
static void llmfi_fetch_init(llmfi_fetch *x, llmf_factory *f, size_t limit) {
    memset(x, 0, sizeof *x);
    x->f = f;
    llmfi_buf_init(&x->body, &f->heap, limit);
}

LLMFI_UNUSED static bool llmfi_fetch_busy(const llmfi_fetch *x) {
    return x->x.by != NULL;
}

static void llmfi_fetch_unlink(llmfi_fetch *x) {
    llmfi_fetch **link = &x->f->fetches;
    while (*link && *link != x) link = &(*link)->next;
    if (*link) *link = x->next;
    x->next = NULL;
}

/* Gives the reply's body back; it may have held keys. */
static void llmfi_fetch_clear(llmfi_fetch *x) {
    if (x->body.ptr) llmfi_wipe(llmfi_str(x->body.ptr, x->body.cap));
    llmfi_buf_free(&x->body);
}

/* Ends it, under way or not. */
static void llmfi_fetch_close(llmfi_fetch *x) {
    if (x->x.by) {
        x->x.by->cancel(x->x.by, &x->x);
        x->x.by = NULL;
        llmfi_fetch_unlink(x);
    }
    llmfi_fetch_clear(x);
}

/* ---- what its exchange tells ---- */

static size_t llmfi_fetch_read(llmfi_fetch *x, char *out, size_t cap) {
    size_t left = x->out.len - x->sent;
    if (cap > left) cap = left;
    if (cap) memcpy(out, x->out.ptr + x->sent, cap);
    x->sent += cap;
    return cap;
}

static void llmfi_fetch_keep(char *to, size_t size, llmf_str value) {
    if (value.len >= size || llmfi_header_bad_value(value) != LLMFI_NOWHERE) return;
    memcpy(to, value.ptr, value.len);
    to[value.len] = '\0';
}

static void llmfi_fetch_header(llmfi_fetch *x, llmf_str name, llmf_str value) {
    if (LLMFI_NAMED(name, "etag")) llmfi_fetch_keep(x->etag, sizeof x->etag, value);
    else if (LLMFI_NAMED(name, "location")) llmfi_fetch_keep(x->location, sizeof x->location, value);
    else if (LLMFI_NAMED(name, "x-amz-bucket-region")) llmfi_fetch_keep(x->region, sizeof x->region, value);
#if LLMF_HAS_MCP
    else if (LLMFI_NAMED(name, "mcp-session-id")) llmfi_fetch_keep(x->session, sizeof x->session, value);
#endif
    else if (LLMFI_NAMED(name, "retry-after")) llmfi_parse_delay(value, 1000, &x->retry_after_ms);
}

static size_t llmfi_fetch_data(llmfi_fetch *x, const char *bytes, size_t len) {
    if (x->sink && x->status == 200) {
        if (x->result == LLMF_OK && !x->sink(x->sink_user, bytes, len)) x->result = LLMF_ERR_LIMIT;
        return len;
    }
    if (x->result == LLMF_OK && !llmfi_buf_add(&x->body, bytes, len)) x->result = x->body.limit && x->body.len + len > x->body.limit ? LLMF_ERR_LIMIT : LLMF_ERR_MEMORY;
    return len;
}

static void llmfi_fetch_end(llmfi_fetch *x, int result, const char *why) {
    llmfi_text t = llmfi_text_in(x->why, sizeof x->why);
    x->x.by = NULL;
    llmfi_fetch_unlink(x);
    if (x->result == LLMF_OK) x->result = result;
    if (x->result == LLMF_OK && !x->status) x->result = LLMF_ERR_NETWORK;
    llmfi_say_c(&t, x->result == LLMF_ERR_LIMIT ? LLMFI_WORDS("the reply is too long") : x->result == LLMF_ERR_MEMORY ? LLMFI_WORDS("the memory block is used up: raise llmf_desc.memory_size") : why);
    x->over = true;
    x->f->deferred = true;
}

/* ---- from outside ---- */

static void llmfi_fetch_due(llmf_factory *f, uint64_t ns) {
    if (ns < f->next_deadline_ns) f->next_deadline_ns = ns;
}

/* Sends what x->headers (the first `count` of them) and x->out say; the texts of all live until it is over. It is over at once, with the reason, where it cannot be
   sent. */
static void llmfi_fetch_start(llmfi_fetch *x, llmf_str method, llmf_str url, size_t count, int64_t connect_ms, int64_t total_ms) {
    llmf_factory *f = x->f;
    llmf_error err;
    int got = LLMF_ERR_NOT_BUILT;
    memset(&x->x, 0, sizeof x->x);
    x->x.owner = x;
    x->x.fetch = true;
    x->x.req.method = method;
    x->x.req.url = url;
    x->x.req.headers = x->headers;
    x->x.req.header_count = count;
    x->x.req.body_len = x->out.len;
    x->x.req.connect_timeout_ms = connect_ms;
    x->x.deadline_ns = llmfi_after_ms(f->now_ns, connect_ms);
    x->deadline_ns = llmfi_after_ms(f->now_ns, total_ms);
    x->status = 0;
    x->result = LLMF_OK;
    x->over = false;
    x->sent = 0;
    x->retry_after_ms = LLMF_UNKNOWN;
    x->etag[0] = x->location[0] = x->region[0] = x->why[0] = '\0';
    x->body.len = 0;
    x->next = f->fetches;
    f->fetches = x;
    llmfi_error_clear(&err);
    x->x.by = llmfi_transport_for(f, url, &err);
    if (x->x.by) got = x->x.by->start(x->x.by, &x->x);
    if (got == LLMF_OK) llmfi_fetch_due(f, x->deadline_ns);
    else llmfi_fetch_end(x, got, x->x.by && x->x.by->why ? x->x.by->why : err.text);
}

/* Those whose time is up: as if nobody were there. */
static void llmfi_fetches_timer(llmf_factory *f) {
    llmfi_fetch *x, *next;
    for (x = f->fetches; x; x = next) {
        next = x->next;
        if (f->now_ns < x->deadline_ns) {
            llmfi_fetch_due(f, x->deadline_ns);
            continue;
        }
        x->x.by->cancel(x->x.by, &x->x);
        llmfi_fetch_end(x, LLMF_ERR_TIMEOUT, LLMFI_WORDS("no reply in time"));
    }
}

#endif
#endif
