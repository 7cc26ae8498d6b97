/* For tests of the decoders in src/wire: the same bytes whole, byte by byte and at each two-way split must give the same log.
   Each piece is an allocation of exactly its size, freed before the next one comes: a view kept too long, or a byte read too many, is
   an error that the sanitizers see. */
#ifndef TEST_SPLIT_H
#define TEST_SPLIT_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "../../src/base/mem.h"

typedef struct log_text {
    char *ptr;
    size_t len, cap;
} log_text;

LLMFI_UNUSED static void log_bytes(log_text *log, const char *bytes, size_t len) {
    if (log->len + len + 1 > log->cap) {
        log->cap = (log->len + len + 1) * 2;
        log->ptr = (char *)realloc(log->ptr, log->cap);
        assert_non_null(log->ptr);
    }
    if (len) memcpy(log->ptr + log->len, bytes, len);
    log->len += len;
    log->ptr[log->len] = 0;
}

LLMFI_UNUSED static void log_str(log_text *log, llmf_str s) {
    log_bytes(log, s.ptr, s.len);
}

LLMFI_UNUSED static void log_cstr(log_text *log, const char *s) {
    log_bytes(log, s, strlen(s));
}

LLMFI_UNUSED static void log_number(log_text *log, uint64_t n) {
    char digits[32];
    snprintf(digits, sizeof digits, "%llu", (unsigned long long)n);
    log_cstr(log, digits);
}

LLMFI_UNUSED static void log_free(log_text *log) {
    free(log->ptr);
    memset(log, 0, sizeof *log);
}

/* feed: takes all of the piece; false when it wants no more (done or failed). */
typedef struct split_ops {
    void (*begin)(void *decoder);
    bool (*feed)(void *decoder, llmf_str piece, log_text *log);
    void (*end)(void *decoder, log_text *log);
} split_ops;

/* Pieces of `step` bytes, the first one of `first` (0: as the others). */
LLMFI_UNUSED static void split_run(const split_ops *ops, void *decoder, llmf_str bytes, size_t first, size_t step, log_text *log) {
    size_t at = 0, n = first ? first : step;
    bool more = true;
    ops->begin(decoder);
    while (more && at < bytes.len) {
        char *piece;
        if (n > bytes.len - at) n = bytes.len - at;
        piece = (char *)malloc(n ? n : 1);
        assert_non_null(piece);
        memcpy(piece, bytes.ptr + at, n);
        more = ops->feed(decoder, llmfi_str(piece, n), log);
        memset(piece, '#', n);
        free(piece);
        at += n;
        n = step;
    }
    ops->end(decoder, log);
}

LLMFI_UNUSED static void split_expect(const log_text *log, const char *expected, size_t len, const char *name, size_t first, size_t step) {
    if (log->len == len && (!len || !memcmp(log->ptr, expected, len))) return;
    print_error("%s, first piece %zu, others %zu bytes: expected\n%.*s\ngot\n%.*s\n", name, first, step, (int)len, expected, (int)log->len, log->ptr ? log->ptr : "");
    fail();
}

/* Whole, byte by byte, by three, and at each two-way split (above 8 KB: every 61st). Returns the number of runs. */
LLMFI_UNUSED static size_t split_all(const split_ops *ops, void *decoder, llmf_str bytes, const char *name, const char *expected, size_t len) {
    size_t whole = bytes.len ? bytes.len : 1, cut, stride = bytes.len > 8192 ? 61 : 1, runs = 0;
    log_text log = {NULL, 0, 0};
    size_t steps[3];
    steps[0] = whole;
    steps[1] = 1;
    steps[2] = 3;
    for (cut = 0; cut < 3; cut++, runs++) {
        log.len = 0;
        split_run(ops, decoder, bytes, 0, steps[cut], &log);
        split_expect(&log, expected, len, name, 0, steps[cut]);
    }
    for (cut = 1; cut < bytes.len; cut += stride, runs++) {
        log.len = 0;
        split_run(ops, decoder, bytes, cut, whole, &log);
        split_expect(&log, expected, len, name, cut, whole);
    }
    log_free(&log);
    return runs;
}

#endif
