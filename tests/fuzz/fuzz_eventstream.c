/* Any bytes as event-stream frames: whole and in pieces the same log; with memory refused, an error and no crash. Checksums are seldom right by chance: the
   fourth byte of the input says whether they are set right first, frame by frame, and lengths brought into what is there. The first three bytes choose the
   limit, the seed of the pieces and the request that is refused. */
#include <stdlib.h>
#include "../../src/wire/eventstream.h"

typedef struct run {
    char log[1 << 16];
    size_t len;
} run;

static run whole, split;
static char block[1 << 16];

static void put(run *r, const char *bytes, size_t len) {
    if (len > sizeof r->log - r->len) abort();
    if (len) memcpy(r->log + r->len, bytes, len);
    r->len += len;
}

static void item(run *r, const llmfi_eventstream *s) {
    llmf_str headers = s->headers;
    llmfi_event_header h;
    int got;
    while ((got = llmfi_event_header_next(&headers, &h)) > 0) {
        if (!h.name.len) abort();
        put(r, h.name.ptr, h.name.len);
        put(r, "=", 1);
        put(r, h.value.ptr, h.value.len);
    }
    if (got < 0) abort(); /* what is handed out can be read */
    (void)llmfi_eventstream_header(s, LLMFI_LIT(":event-type"));
    put(r, "\n", 1);
    put(r, s->payload.ptr, s->payload.len);
    put(r, "|", 1);
}

static int feed(llmfi_eventstream *s, run *r, const uint8_t *bytes, size_t len) {
    int got;
    char *copy = (char *)malloc(len ? len : 1); /* of its exact size, so that a byte read too many is seen */
    llmf_str in = llmfi_str(copy, len);
    if (!copy) abort();
    if (len) memcpy(copy, bytes, len);
    while ((got = llmfi_eventstream_next(s, &in)) == LLMFI_WIRE_ITEM) item(r, s);
    if (got == LLMFI_WIRE_MORE && in.len) abort();
    free(copy);
    return got;
}

/* seed 0: in one piece. */
static void pull(run *r, const uint8_t *data, size_t size, const uint8_t *options, uint32_t seed, uint64_t fail_at) {
    llmfi_heap heap;
    llmfi_eventstream s;
    size_t at = 0;
    int got = LLMFI_WIRE_MORE;
    r->len = 0;
    llmfi_heap_init(&heap, block, sizeof block);
    heap.fail_at = fail_at;
    llmfi_eventstream_init(&s, &heap, (size_t)options[0] * 8 + 16);
    while (at < size && got == LLMFI_WIRE_MORE) {
        size_t n = size - at;
        if (seed) {
            seed = seed * 1664525u + 1013904223u;
            if (n > (seed >> 24) % 24) n = (seed >> 24) % 24; /* 0 too: an empty piece changes nothing */
        }
        got = feed(&s, r, data + at, n);
        at += n;
    }
    put(r, s.error == LLMFI_WIRE_LIMIT ? "!" : s.error == LLMFI_WIRE_BAD ? "?" : ".", 1);
    llmfi_eventstream_free(&s);
    if (heap.used) abort();
}

static void put_u32(uint8_t *to, size_t value) {
    int i;
    for (i = 0; i < 4; i++) to[i] = (uint8_t)(value >> (24 - 8 * i));
}

/* Makes frames of what is there; the bytes behind the last one stay. */
static void mend(uint8_t *data, size_t size) {
    while (size >= 16) {
        size_t total = 16 + ((size_t)data[2] << 8 | data[3]) % (size - 15);
        put_u32(data, total);
        put_u32(data + 4, ((size_t)data[6] << 8 | data[7]) % (total - 15));
        put_u32(data + 8, llmfi_crc32(0, data, 8));
        put_u32(data + total - 4, llmfi_crc32(0, data, total - 4));
        data += total;
        size -= total;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static uint8_t bytes[4096];
    if (size < 4 || size > sizeof bytes) return 0;
    size -= 4;
    memcpy(bytes, data + 4, size);
    if (data[3] & 1) mend(bytes, size);
    pull(&whole, bytes, size, data, 0, 0);
    pull(&split, bytes, size, data, data[1] + 1u, 0);
    if (whole.len != split.len || memcmp(whole.log, split.log, whole.len)) abort();
    pull(&split, bytes, size, data, data[1] + 1u, data[2] % 8 + 1u);
    return 0;
}
