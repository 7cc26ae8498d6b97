/* Any bytes through the sieve: whole and in pieces the same items; JSON to the end where the reader says so, and the floats of a vector those that the number
   parser gives; with memory refused, an error and no crash. The first four bytes of the input choose the room for numbers, the limit, the seed of the pieces and
   the request that is refused. */
#include <stdlib.h>
#include "../../src/wire/json_sieve.h"

typedef struct run {
    char log[1 << 16];
    size_t len;
} run;

static run whole, split;
static char block[1 << 16];

static const llmfi_sieve_row rows[] = {
    { "data[].embedding", LLMFI_TAKE_FLOATS, 0 }, { "data[].index", LLMFI_TAKE_VALUE, 1 }, { "data[]", LLMFI_TAKE_END, 2 }, { "data", LLMFI_TAKE_END, 3 },
    { "e[]", LLMFI_TAKE_FLOATS, 4 }, { "e.float[]", LLMFI_TAKE_FLOATS, 5 }, { "", LLMFI_TAKE_FLOATS, 6 }, { "[]", LLMFI_TAKE_FLOATS, 7 },
    { "error", LLMFI_TAKE_RAW, 8 }, { "a.b.c", LLMFI_TAKE_VALUE, 9 }
};

static void put(run *r, const void *bytes, size_t len) {
    if (len > sizeof r->log - r->len) abort();
    if (len) memcpy(r->log + r->len, bytes, len);
    r->len += len;
}

static void item(run *r, llmfi_sieve *s, float *to, size_t room) {
    put(r, &s->item, 1);
    put(r, &s->row->id, 1);
    if (s->item == LLMFI_SIEVE_OPEN) {
        s->to = room ? to : NULL;
        s->cap = room;
    } else if (s->item == LLMFI_SIEVE_FULL) {
        if (s->n != s->cap) abort();
        s->to = NULL;
    } else if (s->item == LLMFI_SIEVE_CLOSE) {
        put(r, &s->n, sizeof s->n);
        if (s->to) put(r, to, s->n * sizeof *to);
    } else if (s->item == LLMFI_SIEVE_RAW) {
        put(r, s->raw.ptr, s->raw.len);
    } else if (s->item == LLMFI_SIEVE_VALUE) {
        put(r, s->j.text.ptr, s->j.text.len);
    }
}

static int feed(llmfi_sieve *s, run *r, const uint8_t *bytes, size_t len, bool last, size_t room) {
    static float to[256];
    int got;
    char *copy = (char *)malloc(len ? len : 1); /* of its exact size, so that a byte read too many is seen */
    llmf_str in = llmfi_str(copy, len);
    if (!copy) abort();
    if (len) memcpy(copy, bytes, len);
    while ((got = llmfi_sieve_next(s, &in, last)) == LLMFI_WIRE_ITEM) item(r, s, to, room);
    if (got == LLMFI_WIRE_MORE && in.len) abort();
    free(copy);
    return got;
}

/* seed 0: in one piece. */
static void pull(run *r, const uint8_t *data, size_t size, const uint8_t *options, uint32_t seed, uint64_t fail_at) {
    llmfi_heap heap;
    llmfi_sieve s;
    size_t at = 0;
    int got = LLMFI_WIRE_MORE;
    r->len = 0;
    llmfi_heap_init(&heap, block, sizeof block);
    heap.fail_at = fail_at;
    llmfi_sieve_init(&s, &heap, rows, LLMFI_COUNT(rows), 8192);
    while (at < size && got == LLMFI_WIRE_MORE) {
        size_t n = size - at;
        if (seed) {
            seed = seed * 1664525u + 1013904223u;
            if (n > (seed >> 24) % 24) n = (seed >> 24) % 24; /* 0 too: an empty piece changes nothing */
        }
        got = feed(&s, r, data + at, n, false, options[0]);
        at += n;
    }
    if (got == LLMFI_WIRE_MORE) got = feed(&s, r, data, 0, true, options[0]);
    put(r, got == LLMFI_WIRE_MORE ? "." : s.error == LLMFI_WIRE_BAD ? "?" : "!", 1);
    if (got == LLMFI_WIRE_MORE && !llmfi_sieve_done(&s)) abort();
    llmfi_sieve_free(&s);
    if (heap.used) abort();
}

static bool valid(llmf_str text) {
    llmfi_json j;
    int token;
    llmfi_json_init(&j, text, true);
    while ((token = llmfi_json_next(&j)) > 0 && token != LLMFI_J_END) continue;
    return token == LLMFI_J_END;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    bool json;
    if (size < 4 || size > 4096) return 0;
    json = valid(llmfi_str((const char *)data + 4, size - 4));
    pull(&whole, data + 4, size - 4, data, 0, 0);
    if (!json && whole.log[whole.len - 1] == '.') abort();
    pull(&split, data + 4, size - 4, data, data[1] + 1u, 0);
    if (whole.len != split.len || memcmp(whole.log, split.log, whole.len)) abort();
    pull(&split, data + 4, size - 4, data, data[1] + 1u, data[2] % 8 + 1u);
    return 0;
}
