/* Any bytes as HTTP replies, one behind the other: whole and in pieces the same log; with memory refused, an error and no crash.
   The first four bytes of the input choose the limits, HEAD or not, the seed of the pieces and the request that is refused. */
#include <stdlib.h>
#include "../../src/wire/http1.h"

typedef struct run {
    char log[1 << 17];
    size_t len;
    bool in_body;
} run;

static run whole, split;
static char block[1 << 16];

static void put(run *r, const char *bytes, size_t len) {
    if (len > sizeof r->log - r->len) abort();
    if (len) memcpy(r->log + r->len, bytes, len);
    r->len += len;
}

static void put_number(run *r, uint64_t n) {
    put(r, (const char *)&n, sizeof n);
}

static void put_field(run *r, const llmfi_http1 *h) {
    if (!h->name.len || memchr(h->value.ptr, '\n', h->value.len) || memchr(h->value.ptr, 0, h->value.len)) abort();
    put(r, h->name.ptr, h->name.len);
    put(r, ": ", 2);
    put(r, h->value.ptr, h->value.len);
}

static void item(run *r, const llmfi_http1 *h, int got) {
    char mark = (char)('0' + got);
    if (got != LLMFI_HTTP1_BODY || !r->in_body) put(r, &mark, 1);
    r->in_body = got == LLMFI_HTTP1_BODY;
    switch (got) {
    case LLMFI_HTTP1_STATUS:
        if (h->status < 200 || h->status > 999) abort();
        put_number(r, (uint64_t)h->status);
        put(r, h->value.ptr, h->value.len);
        break;
    case LLMFI_HTTP1_HEADER:
    case LLMFI_HTTP1_TRAILER: put_field(r, h); break;
    case LLMFI_HTTP1_HEADERS_END: put(r, h->keep_alive ? "+" : "-", 1); break;
    case LLMFI_HTTP1_BODY:
        if (!h->body.len) abort();
        put(r, h->body.ptr, h->body.len);
        break;
    case LLMFI_HTTP1_DONE: put_number(r, h->at); break;
    case LLMFI_HTTP1_ERROR:
        if (!h->what || !h->error || h->keep_alive || h->error_at > h->at + 4096) abort();
        put_number(r, h->error_at);
        put_number(r, (uint64_t)h->error);
        break;
    default: abort();
    }
}

static void start(llmfi_http1 *h, llmfi_heap *heap, const uint8_t *options) {
    llmfi_http1_init(h, heap, options[0] & 1, (size_t)(options[0] >> 1) * 16, (uint64_t)options[1] * 8);
}

/* Everything in one piece; false at an error. */
static bool feed(llmfi_http1 *h, llmfi_heap *heap, run *r, const uint8_t *bytes, size_t len, const uint8_t *options) {
    int got;
    char *copy = (char *)malloc(len ? len : 1); /* of its exact size, so that a byte read too many is seen */
    llmf_str in = llmfi_str(copy, len);
    if (!copy) abort();
    if (len) memcpy(copy, bytes, len);
    while ((got = llmfi_http1_next(h, &in)) != LLMFI_HTTP1_MORE) {
        if (got == LLMFI_HTTP1_DONE && !in.len) break; /* the next reply begins with its first byte */
        item(r, h, got);
        if (got == LLMFI_HTTP1_ERROR) break;
        if (got != LLMFI_HTTP1_DONE) continue;
        llmfi_http1_free(h);
        start(h, heap, options);
    }
    if (got == LLMFI_HTTP1_MORE && in.len) abort();
    free(copy);
    return got != LLMFI_HTTP1_ERROR;
}

/* seed 0: in one piece. */
static void pull(run *r, const uint8_t *data, size_t size, const uint8_t *options, uint32_t seed, uint64_t fail_at) {
    llmfi_heap heap;
    llmfi_http1 h;
    size_t at = 0;
    bool more = true;
    r->len = 0;
    r->in_body = false;
    llmfi_heap_init(&heap, block, sizeof block);
    heap.fail_at = fail_at;
    start(&h, &heap, options);
    while (at < size && more) {
        size_t n = size - at;
        if (seed) {
            seed = seed * 1664525u + 1013904223u;
            if (n > (seed >> 24) % 40) n = (seed >> 24) % 40; /* 0 too: an empty piece changes nothing */
        }
        more = feed(&h, &heap, r, data + at, n, options);
        at += n;
    }
    if (more) item(r, &h, llmfi_http1_end(&h));
    llmfi_http1_free(&h);
    if (heap.used) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 4 || size > 4096) return 0;
    pull(&whole, data + 4, size - 4, data, 0, 0);
    pull(&split, data + 4, size - 4, data, data[2] + 1u, 0);
    if (whole.len != split.len || memcmp(whole.log, split.log, whole.len)) abort();
    pull(&split, data + 4, size - 4, data, data[2] + 1u, data[3] % 8 + 1u);
    return 0;
}
