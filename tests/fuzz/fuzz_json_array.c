/* Any bytes as an array: whole and in pieces the same log; what is JSON gives its elements and closes; with memory refused, an error and no crash.
   The first three bytes of the input choose the limit, the seed of the pieces and the request that is refused. */
#include <stdlib.h>
#include "../../src/base/json.h"
#include "../../src/wire/json_array.h"

typedef struct run {
    char log[1 << 15];
    size_t len;
} run;

static run whole, split;
static char block[1 << 16];

static void put(run *r, const char *bytes, size_t len) {
    if (len > sizeof r->log - r->len) abort();
    if (len) memcpy(r->log + r->len, bytes, len);
    r->len += len;
}

static void item(run *r, const llmfi_json_array *s, const char *mark) {
    if (!s->payload.len || llmfi_is_space(s->payload.ptr[0]) || llmfi_is_space(s->payload.ptr[s->payload.len - 1])) abort();
    put(r, s->payload.ptr, s->payload.len);
    put(r, mark, 1);
}

static int feed(llmfi_json_array *s, run *r, const uint8_t *bytes, size_t len) {
    int got;
    char *copy = (char *)malloc(len ? len : 1); /* of its exact size, so that a byte read too many is seen */
    llmf_str in = llmfi_str(copy, len);
    if (!copy) abort();
    if (len) memcpy(copy, bytes, len);
    while ((got = llmfi_json_array_next(s, &in)) == LLMFI_WIRE_ITEM) item(r, s, "\n");
    if (got == LLMFI_WIRE_MORE && in.len) abort();
    free(copy);
    return got;
}

/* seed 0: in one piece. */
static void pull(run *r, const uint8_t *data, size_t size, const uint8_t *options, uint32_t seed, uint64_t fail_at) {
    llmfi_heap heap;
    llmfi_json_array s;
    size_t at = 0;
    int got = LLMFI_WIRE_MORE;
    r->len = 0;
    llmfi_heap_init(&heap, block, sizeof block);
    heap.fail_at = fail_at;
    llmfi_json_array_init(&s, &heap, (size_t)options[0] * 8 + 1);
    while (at < size && got == LLMFI_WIRE_MORE) {
        size_t n = size - at;
        if (seed) {
            seed = seed * 1664525u + 1013904223u;
            if (n > (seed >> 24) % 24) n = (seed >> 24) % 24; /* 0 too: an empty piece changes nothing */
        }
        got = feed(&s, r, data + at, n);
        at += n;
    }
    put(r, s.error == LLMFI_WIRE_LIMIT ? "!" : s.error == LLMFI_WIRE_BAD ? "?" : llmfi_json_array_closed(&s) ? "]" : ".", 1);
    llmfi_json_array_free(&s);
    if (heap.used) abort();
}

/* The same by the JSON reader: false where the bytes are no JSON array. */
static bool read_array(run *r, llmf_str text) {
    llmfi_json j;
    llmf_str element;
    int token;
    r->len = 0;
    llmfi_json_init(&j, text, true);
    if (llmfi_json_next(&j) != LLMFI_J_ARRAY) return false;
    while ((token = llmfi_json_raw(&j, &element)) > 0 && token != LLMFI_J_ARRAY_END) {
        put(r, element.ptr, element.len);
        put(r, "\n", 1);
    }
    put(r, "]", 1);
    return token == LLMFI_J_ARRAY_END && llmfi_json_next(&j) == LLMFI_J_END;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 3 || size > 4096) return 0;
    pull(&whole, data + 3, size - 3, data, 0, 0);
    pull(&split, data + 3, size - 3, data, data[1] + 1u, 0);
    if (whole.len != split.len || memcmp(whole.log, split.log, whole.len)) abort();
    if (read_array(&split, llmfi_str((const char *)data + 3, size - 3)) && whole.log[whole.len - 1] != '!')
        if (whole.len != split.len || memcmp(whole.log, split.log, whole.len)) abort();
    pull(&split, data + 3, size - 3, data, data[1] + 1u, data[2] % 8 + 1u);
    return 0;
}
