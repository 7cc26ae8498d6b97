/* Any bytes as lines. The first three bytes of the input choose the limit, the seed of the pieces and the request that is refused. See framing.h. */
#include "../../src/wire/ndjson.h"
#include "framing.h"

static llmfi_ndjson reader;

static void framing_open(llmfi_heap *heap, const uint8_t *options) {
    llmfi_ndjson_init(&reader, heap, (size_t)options[0] * 8 + 1);
}

static int framing_next(llmf_str *in) {
    return llmfi_ndjson_next(&reader, in);
}

static void line(fuzz_log *log, const char *mark) {
    if (!reader.payload.len || memchr(reader.payload.ptr, '\n', reader.payload.len)) abort();
    fuzz_put(log, reader.payload.ptr, reader.payload.len);
    fuzz_put(log, mark, 1);
}

static void framing_item(fuzz_log *log) {
    line(log, "\n");
}

static void framing_close(fuzz_log *log, int got) {
    (void)got;
    if (llmfi_ndjson_end(&reader) == LLMFI_WIRE_ITEM) line(log, "~");
    fuzz_put(log, reader.error == LLMFI_WIRE_LIMIT ? "!" : ".", 1);
    llmfi_ndjson_free(&reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 3 || size > 4096) return 0;
    fuzz_framing(data + 3, size - 3, data, data[1] + 1u, data[2] % 8 + 1u);
    return 0;
}
