/* Asks containers and instances for AWS keys (factory/aws.h says what) by the factory's own transports, so that nothing blocks: a call that needs them waits,
   and goes on once they are there. One asking serves all calls. */
#ifndef LLMFI_ENGINE_KEYS_H
#define LLMFI_ENGINE_KEYS_H
#include "fetch.h"

#if LLMF_HAS_AWS

/* Milliseconds until the connection stands, and for one whole answer: the endpoints are on this machine, or nowhere. */
enum { LLMFI_KEYS_CONNECT_MS = 1000, LLMFI_KEYS_TOTAL_MS = 5000 };
enum { LLMFI_KEYS_BODY = 65536 };            /* bytes of an answer */

static void llmfi_keys_init(llmf_factory *f) {
    llmfi_aws_init(&f->keys.aws, &f->heap);
    llmfi_fetch_init(&f->keys.fetch, f, LLMFI_KEYS_BODY);
}

static void llmfi_keys_close(llmf_factory *f) {
    llmfi_fetch_close(&f->keys.fetch);
    llmfi_aws_free(&f->keys.aws);
}

/* Sends the request of the step. False: there is no memory for it, and the asking has failed. */
static bool llmfi_keys_send(llmf_factory *f) {
    llmfi_fetch *x = &f->keys.fetch;
    llmfi_aws_request q;
    if (!llmfi_aws_request_of(&f->keys.aws, llmfi_wall(f), &q)) return false;
    x->headers[0] = q.headers[0];
    x->headers[1] = q.headers[1];
    llmfi_fetch_start(x, q.method, q.url, q.header_count, LLMFI_KEYS_CONNECT_MS, LLMFI_KEYS_TOTAL_MS);
    return true;
}

/* Somebody is being asked. */
LLMFI_UNUSED static bool llmfi_keys_asked(const llmf_factory *f) {
    return llmfi_fetch_busy(&f->keys.fetch) || f->keys.fetch.over;
}

/* A call needs keys that must be asked for: whoever comes first asks. */
LLMFI_UNUSED static void llmfi_keys_ask(llmf_factory *f) {
    llmfi_fetch *x = &f->keys.fetch;
    if (llmfi_fetch_busy(x) || x->over || llmfi_keys_send(f)) return;
    x->over = true; /* told outside of what runs now */
    f->deferred = true;
}

/* What the answer means: true when the asking is over, one way or the other, so that calls need not wait. */
static bool llmfi_keys_settled(llmf_factory *f) {
    llmfi_fetch *x = &f->keys.fetch;
    int got = LLMFI_AWS_NONE;
    if (!x->over) return false;
    x->over = false;
    if (f->keys.aws.step != LLMFI_STEP_IDLE) got = llmfi_aws_answer(&f->keys.aws, x->result == LLMF_OK ? x->status : 0, llmfi_buf_str(&x->body), llmfi_wall(f));
    llmfi_fetch_clear(x);
    return got != LLMFI_AWS_ASK || !llmfi_keys_send(f);
}

#endif
#endif
