/* A transport of the test's: requests wait until the test answers them, which llmf_poll then hands on. And a wall clock and random bytes that the test sets. */
#ifndef ENGINE_WIRE_H
#define ENGINE_WIRE_H
#include "kit.h"

enum { WIRE_MOST = 64 };

typedef struct wire_asked {
    llmf_exchange *x;
    const char *body;              /* of the answer; NULL: it waits */
    int status, result;            /* result: how the bytes end */
    bool goes_on;                  /* the bytes have not ended */
    uint64_t sent;                 /* bytes of the request */
} wire_asked;

typedef struct wire {
    kit_world world;               /* first: the hooks of kit.h take the same pointer */
    llmf_transport transport;
    wire_asked asked[WIRE_MOST];
    size_t count;                  /* requests, ever */
    int64_t wall;
    uint64_t random;
} wire;

static int wire_start(void *user, llmf_exchange *x, const llmf_http_request *req) {
    wire *w = (wire *)user;
    char bytes[4096];
    size_t n;
    wire_asked *a = &w->asked[w->count++ % WIRE_MOST];
    memset(a, 0, sizeof *a);
    a->x = x;
    while ((n = llmf_exchange_read(x, bytes, sizeof bytes)) > 0) a->sent += n;
    assert_int_equal(a->sent, req->body_len);
    return LLMF_OK;
}

static void wire_cancel(void *user, llmf_exchange *x) {
    wire *w = (wire *)user;
    size_t i;
    for (i = 0; i < WIRE_MOST; i++)
        if (w->asked[i].x == x) w->asked[i].x = NULL;
}

static void wire_poll(void *user, int timeout_ms) {
    wire *w = (wire *)user;
    size_t i;
    (void)timeout_ms;
    for (i = 0; i < WIRE_MOST; i++) {
        wire_asked *a = &w->asked[i];
        llmf_exchange *x = a->x;
        if (!x || !a->body) continue;
        llmf_exchange_status(x, a->status);
        llmf_exchange_data(x, a->body, strlen(a->body));
        a->body = NULL;
        if (a->goes_on) continue;
        a->x = NULL;
        llmf_exchange_end(x, a->result, NULL);
    }
}

static int64_t wire_wall(void *user) {
    return ((wire *)user)->wall;
}

static void wire_random(void *user, void *bytes, size_t len) {
    wire *w = (wire *)user;
    unsigned char *to = (unsigned char *)bytes;
    while (len--) *to++ = (unsigned char)(kit_random(&w->random) >> 32);
}

static llmf_desc wire_desc(wire *w, const char *config) {
    llmf_desc d;
    memset(w, 0, sizeof *w);
    d = kit_desc(&w->world);
    w->transport.user = w;
    w->transport.start = wire_start;
    w->transport.cancel = wire_cancel;
    w->transport.poll = wire_poll;
    w->wall = INT64_C(86400000) * 20000 + 1000;
    w->random = 99;
    d.custom_transport = &w->transport;
    d.wall_ms = wire_wall;
    d.random = wire_random;
    d.config_text = config;
    d.api_key = "key-of-a-test";
    return d;
}

static llmf_factory *wire_open(const llmf_desc *d) {
    llmf_error err;
    llmf_factory *f = llmf_open(d, &err);
    if (!f) fail_msg("llmf_open: %s", err.text);
    return f;
}

/* The i-th request ever, from 0, is answered by the next llmf_poll. */
static void wire_answer(wire *w, size_t i, int status, const char *body, int result) {
    wire_asked *a = &w->asked[i % WIRE_MOST];
    assert_true(i < w->count && a->x != NULL);
    a->status = status;
    a->body = body;
    a->result = result;
}

KIT_UNUSED static llmf_model wire_model(llmf_factory *f, const char *name) {
    llmf_error err;
    llmf_model m = llmf_get(f, name, &err);
    if (!m.id) fail_msg("llmf_get %s: %s", name, err.text);
    return m;
}

static void wire_close(llmf_factory *f, wire *w) {
    llmf_close(f);
    kit_drop(&w->world.log);
}

#endif
