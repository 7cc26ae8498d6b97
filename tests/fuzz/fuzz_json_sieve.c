/* Any bytes through the sieve; JSON to the end where the reader says so, and the floats of a vector those that the number parser gives. The first four bytes of
   the input choose the room for numbers, the seed of the pieces and the request that is refused. See framing.h. */
#include "../../src/wire/json_sieve.h"
#include "framing.h"

static llmfi_sieve reader;
static float room[256];
static size_t room_cap;

static const llmfi_sieve_row rows[] = {{"data[].embedding", LLMFI_TAKE_FLOATS, 0},
                                       {"data[].index", LLMFI_TAKE_VALUE, 1},
                                       {"data[]", LLMFI_TAKE_END, 2},
                                       {"data", LLMFI_TAKE_END, 3},
                                       {"e[]", LLMFI_TAKE_FLOATS, 4},
                                       {"e.float[]", LLMFI_TAKE_FLOATS, 5},
                                       {"", LLMFI_TAKE_FLOATS, 6},
                                       {"[]", LLMFI_TAKE_FLOATS, 7},
                                       {"error", LLMFI_TAKE_RAW, 8},
                                       {"a.b.c", LLMFI_TAKE_VALUE, 9}};

static void framing_open(llmfi_heap *heap, const uint8_t *options) {
    room_cap = options[0];
    llmfi_sieve_init(&reader, heap, rows, LLMFI_COUNT(rows), 8192);
}

static int framing_next(llmf_str *in) {
    return llmfi_sieve_next(&reader, in, false);
}

static void framing_item(fuzz_log *log) {
    fuzz_put(log, &reader.item, 1);
    fuzz_put(log, &reader.row->id, 1);
    if (reader.item == LLMFI_SIEVE_OPEN) {
        reader.to = room_cap ? room : NULL;
        reader.cap = room_cap;
    } else if (reader.item == LLMFI_SIEVE_FULL) {
        if (reader.n != reader.cap) abort();
        reader.to = NULL;
    } else if (reader.item == LLMFI_SIEVE_CLOSE) {
        fuzz_put(log, &reader.n, sizeof reader.n);
        if (reader.to) fuzz_put(log, room, reader.n * sizeof *room);
    } else if (reader.item == LLMFI_SIEVE_RAW) {
        fuzz_put(log, reader.raw.ptr, reader.raw.len);
    } else if (reader.item == LLMFI_SIEVE_VALUE) {
        fuzz_put(log, reader.j.text.ptr, reader.j.text.len);
    }
}

/* What waited for more bytes comes with the end. */
static void framing_close(fuzz_log *log, int got) {
    llmf_str none = llmfi_str("", 0);
    if (got == LLMFI_WIRE_MORE)
        while ((got = llmfi_sieve_next(&reader, &none, true)) == LLMFI_WIRE_ITEM) framing_item(log);
    fuzz_put(log, got == LLMFI_WIRE_MORE ? "." : reader.error == LLMFI_WIRE_BAD ? "?" : "!", 1);
    if (got == LLMFI_WIRE_MORE && !llmfi_sieve_done(&reader)) abort();
    llmfi_sieve_free(&reader);
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
    if (size < 4 || size > 4096) return 0;
    fuzz_framing(data + 4, size - 4, data, data[1] + 1u, data[2] % 8 + 1u);
    if (!valid(llmfi_str((const char *)data + 4, size - 4)) && fuzz_whole.bytes[fuzz_whole.len - 1] == '.') abort();
    return 0;
}
