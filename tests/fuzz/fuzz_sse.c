/* Any bytes as an event stream: whole and in pieces the same log; with memory refused, an error and no crash.
   The first four bytes of the input choose the limits, the seed of the pieces and the request that is refused. */
#include <stdlib.h>
#include "../../src/wire/sse.h"

typedef struct run {
    char log[1 << 16];
    size_t len;
} run;

static run whole, split;
static char block[1 << 17];

static void put(run *r, const char *bytes, size_t len) {
    if (len > sizeof r->log - r->len) abort();
    if (len) memcpy(r->log + r->len, bytes, len);
    r->len += len;
}

static void item(run *r, const llmfi_sse *s, const char *mark) {
    put(r, mark, 1);
    put(r, s->event.ptr, s->event.len);
    put(r, "=", 1);
    put(r, s->payload.ptr, s->payload.len);
    put(r, "#", 1);
    put(r, s->id.ptr, s->id.len);
}

static int feed(llmfi_sse *s, run *r, const uint8_t *bytes, size_t len) {
    int got;
    char *copy = (char *)malloc(len ? len : 1); /* of its exact size, so that a byte read too many is seen */
    llmf_str in = llmfi_str(copy, len);
    if (!copy) abort();
    if (len) memcpy(copy, bytes, len);
    while ((got = llmfi_sse_next(s, &in)) == LLMFI_WIRE_ITEM) item(r, s, "E");
    if (got == LLMFI_WIRE_MORE && in.len) abort();
    free(copy);
    return got;
}

/* seed 0: in one piece. */
static void pull(run *r, const uint8_t *data, size_t size, const uint8_t *options, uint32_t seed, uint64_t fail_at) {
    llmfi_heap heap;
    llmfi_sse s;
    size_t at = 0;
    int got = LLMFI_WIRE_MORE;
    r->len = 0;
    llmfi_heap_init(&heap, block, sizeof block);
    heap.fail_at = fail_at;
    llmfi_sse_init(&s, &heap, (size_t)(options[0] & 127) * 16 + 1, (size_t)(options[1] & 127) * 16 + 1);
    s.drop_unclosed = options[0] >> 7;
    while (at < size && got == LLMFI_WIRE_MORE) {
        size_t n = size - at;
        if (seed) {
            seed = seed * 1664525u + 1013904223u;
            if (n > (seed >> 24) % 24) n = (seed >> 24) % 24; /* 0 too: an empty piece changes nothing */
        }
        got = feed(&s, r, data + at, n);
        at += n;
    }
    if (llmfi_sse_end(&s) == LLMFI_WIRE_ITEM) item(r, &s, "~");
    put(r, (const char *)&s.retry_ms, sizeof s.retry_ms);
    put(r, s.error == LLMFI_WIRE_LIMIT ? "!" : ".", 1);
    if (!s.error) put(r, (const char *)&s.comments, sizeof s.comments);
    llmfi_sse_free(&s);
    if (heap.used) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 4 || size > 4096) return 0;
    pull(&whole, data + 4, size - 4, data, 0, 0);
    pull(&split, data + 4, size - 4, data, data[2] + 1u, 0);
    if (whole.len != split.len || memcmp(whole.log, split.log, whole.len)) abort();
    pull(&split, data + 4, size - 4, data, data[2] + 1u, data[3] % 16 + 1u);
    return 0;
}
