/* Asks containers and instances for AWS keys (factory/aws.h says what) by the factory's own transports, so that nothing blocks: a call that needs them waits,
   and goes on once they are there. One asking serves all calls. */
#ifndef LLMFI_ENGINE_KEYS_H
#define LLMFI_ENGINE_KEYS_H
#include "core.h"

#if LLMFI_HAS_AWS_KEYS

/* Milliseconds until the connection stands, and for one whole answer: the endpoints are on this machine, or nowhere. */
enum { LLMFI_KEYS_CONNECT_MS = 1000, LLMFI_KEYS_TOTAL_MS = 5000 };
enum { LLMFI_KEYS_BODY = 65536 };            /* bytes of an answer */

static llmfi_transport *llmfi_transport_for(llmf_factory *f, llmf_str url, llmf_error *err);

static void llmfi_keys_init(llmf_factory *f) {
    llmfi_aws_init(&f->keys.aws, &f->heap);
    llmfi_buf_init(&f->keys.body, &f->heap, LLMFI_KEYS_BODY);
}

static void llmfi_keys_close(llmf_factory *f) {
    llmfi_asking *k = &f->keys;
    if (k->x.by) k->x.by->cancel(k->x.by, &k->x);
    k->x.by = NULL;
    llmfi_aws_wipe(&k->body);
    llmfi_aws_free(&k->aws);
}

/* ---- the exchange's reply ---- */

static void llmfi_keys_data(llmf_factory *f, const char *bytes, size_t len) {
    llmfi_asking *k = &f->keys;
    if (!llmfi_buf_add(&k->body, bytes, len)) k->status = 0; /* an answer that is no answer */
}

static void llmfi_keys_end(llmf_factory *f, int result) {
    llmfi_asking *k = &f->keys;
    k->x.by = NULL;
    k->over = true;
    if (result != LLMF_OK) k->status = 0;
    f->deferred = true;
}

/* ---- asking ---- */

/* Sends the request of the step. False: it cannot be sent, and the asking has failed. */
static bool llmfi_keys_send(llmf_factory *f) {
    llmfi_asking *k = &f->keys;
    int64_t wall = llmfi_wall(f);
    llmfi_aws_request q;
    llmf_error err;
    if (!llmfi_aws_request_of(&k->aws, wall, &q)) return false;
    memset(&k->x, 0, sizeof k->x);
    k->x.owner = f;
    k->x.keys = true;
    k->x.req.method = q.method;
    k->x.req.url = q.url;
    k->asked[0] = q.headers[0];
    k->asked[1] = q.headers[1];
    k->x.req.headers = k->asked;
    k->x.req.header_count = q.header_count;
    k->x.req.connect_timeout_ms = LLMFI_KEYS_CONNECT_MS;
    k->x.deadline_ns = llmfi_after_ms(f->now_ns, LLMFI_KEYS_CONNECT_MS);
    k->deadline_ns = llmfi_after_ms(f->now_ns, LLMFI_KEYS_TOTAL_MS);
    k->status = 0;
    k->body.len = 0;
    k->x.by = llmfi_transport_for(f, q.url, &err);
    if (k->x.by && k->x.by->start(k->x.by, &k->x) == LLMF_OK) {
        if (k->deadline_ns < f->next_deadline_ns) f->next_deadline_ns = k->deadline_ns;
        return true;
    }
    k->x.by = NULL;
    llmfi_aws_answer(&k->aws, 0, llmfi_str("", 0), wall);
    return false;
}

/* A call needs keys that must be asked for: whoever comes first asks. */
LLMFI_UNUSED static void llmfi_keys_ask(llmf_factory *f) {
    if (f->keys.x.by || f->keys.over || llmfi_keys_send(f)) return;
    f->keys.over = true; /* told outside of what runs now */
    f->deferred = true;
}

/* The time is up: as if nobody were there. */
static void llmfi_keys_timer(llmf_factory *f) {
    llmfi_asking *k = &f->keys;
    if (!k->x.by) return;
    if (f->now_ns < k->deadline_ns) {
        if (k->deadline_ns < f->next_deadline_ns) f->next_deadline_ns = k->deadline_ns;
        return;
    }
    k->x.by->cancel(k->x.by, &k->x);
    llmfi_keys_end(f, LLMF_ERR_TIMEOUT);
}

/* What the answer means: true when the asking is over, one way or the other, so that calls need not wait. */
static bool llmfi_keys_settled(llmf_factory *f) {
    llmfi_asking *k = &f->keys;
    int got = LLMFI_AWS_NONE;
    if (!k->over) return false;
    k->over = false;
    if (k->aws.step != LLMFI_STEP_IDLE) got = llmfi_aws_answer(&k->aws, k->status, llmfi_buf_str(&k->body), llmfi_wall(f));
    llmfi_aws_wipe(&k->body);
    return got != LLMFI_AWS_ASK || !llmfi_keys_send(f);
}

#endif
#endif
