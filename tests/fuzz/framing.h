/* For fuzzers of framings: any bytes, whole and in pieces, give the same log; with memory refused, an error and no crash; all memory comes back. The file that
   includes this has one reader of its framing, and the four functions below that work it. */
#ifndef FUZZ_FRAMING_H
#define FUZZ_FRAMING_H
#include <stdlib.h>
#include "../../src/wire/pull.h"

typedef struct fuzz_log {
    char bytes[1 << 16];
    size_t len;
} fuzz_log;

static void framing_open(llmfi_heap *heap, const uint8_t *options);
static int framing_next(llmf_str *in); /* the reader's own answer */
static void framing_item(fuzz_log *log);
static void framing_close(fuzz_log *log, int got); /* got: the last answer; logs how it ended and frees the reader */

static fuzz_log fuzz_whole, fuzz_split;
static char fuzz_block[1 << 17];

static void fuzz_put(fuzz_log *log, const void *bytes, size_t len) {
    if (len > sizeof log->bytes - log->len) abort();
    if (len) memcpy(log->bytes + log->len, bytes, len);
    log->len += len;
}

static int fuzz_feed(fuzz_log *log, const uint8_t *bytes, size_t len) {
    int got;
    char *copy = (char *)malloc(len ? len : 1); /* of its exact size, so that a byte read too many is seen */
    llmf_str in = llmfi_str(copy, len);
    if (!copy) abort();
    if (len) memcpy(copy, bytes, len);
    while ((got = framing_next(&in)) == LLMFI_WIRE_ITEM) framing_item(log);
    if (got == LLMFI_WIRE_MORE && in.len) abort();
    free(copy);
    return got;
}

/* seed 0: in one piece. fail_at: the request to the heap that is refused; 0: none. */
static void fuzz_pull(fuzz_log *log, const uint8_t *data, size_t size, const uint8_t *options, uint32_t seed, uint64_t fail_at) {
    llmfi_heap heap;
    size_t at = 0;
    int got = LLMFI_WIRE_MORE;
    log->len = 0;
    llmfi_heap_init(&heap, fuzz_block, sizeof fuzz_block);
    heap.fail_at = fail_at;
    framing_open(&heap, options);
    while (at < size && got == LLMFI_WIRE_MORE) {
        size_t n = size - at;
        if (seed) {
            seed = seed * 1664525u + 1013904223u;
            if (n > (seed >> 24) % 24) n = (seed >> 24) % 24; /* 0 too: an empty piece changes nothing */
        }
        got = fuzz_feed(log, data + at, n);
        at += n;
    }
    framing_close(log, got);
    if (heap.used) abort();
}

static bool fuzz_same(void) {
    return fuzz_whole.len == fuzz_split.len && !memcmp(fuzz_whole.bytes, fuzz_split.bytes, fuzz_whole.len);
}

/* Leaves the log of the whole for more checks. */
static void fuzz_framing(const uint8_t *data, size_t size, const uint8_t *options, uint32_t seed, uint64_t fail_at) {
    fuzz_pull(&fuzz_split, data, size, options, seed, fail_at);
    fuzz_pull(&fuzz_split, data, size, options, seed, 0);
    fuzz_pull(&fuzz_whole, data, size, options, 0, 0);
    if (!fuzz_same()) abort();
}

#endif
