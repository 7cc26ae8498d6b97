/* Any bytes as an event stream. The first four bytes of the input choose the limits, the seed of the pieces and the request that is refused. See framing.h. */
#include "../../src/wire/sse.h"
#include "framing.h"

static llmfi_sse reader;

static void framing_open(llmfi_heap *heap, const uint8_t *options) {
    llmfi_sse_init(&reader, heap, (size_t)(options[0] & 127) * 16 + 1, (size_t)(options[1] & 127) * 16 + 1);
    reader.drop_unclosed = options[0] >> 7;
}

static int framing_next(llmf_str *in) {
    return llmfi_sse_next(&reader, in);
}

static void event(fuzz_log *log, const char *mark) {
    fuzz_put(log, mark, 1);
    fuzz_put(log, reader.event.ptr, reader.event.len);
    fuzz_put(log, "=", 1);
    fuzz_put(log, reader.payload.ptr, reader.payload.len);
    fuzz_put(log, "#", 1);
    fuzz_put(log, reader.id.ptr, reader.id.len);
}

static void framing_item(fuzz_log *log) {
    event(log, "E");
}

static void framing_close(fuzz_log *log, int got) {
    (void)got;
    if (llmfi_sse_end(&reader) == LLMFI_WIRE_ITEM) event(log, "~");
    fuzz_put(log, &reader.retry_ms, sizeof reader.retry_ms);
    fuzz_put(log, reader.error == LLMFI_WIRE_LIMIT ? "!" : ".", 1);
    if (!reader.error) fuzz_put(log, &reader.comments, sizeof reader.comments);
    llmfi_sse_free(&reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 4 || size > 4096) return 0;
    fuzz_framing(data + 4, size - 4, data, data[2] + 1u, data[3] % 16 + 1u);
    return 0;
}
