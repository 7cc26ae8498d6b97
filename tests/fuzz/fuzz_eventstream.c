/* Any bytes as event-stream frames. Checksums are seldom right by chance: the fourth byte of the input says whether they are set right first, frame by frame, and
   lengths brought into what is there. The first three bytes choose the limit, the seed of the pieces and the request that is refused. See framing.h. */
#include "../../src/wire/eventstream.h"
#include "framing.h"

static llmfi_eventstream reader;

static void framing_open(llmfi_heap *heap, const uint8_t *options) {
    llmfi_eventstream_init(&reader, heap, (size_t)options[0] * 8 + 16);
}

static int framing_next(llmf_str *in) {
    return llmfi_eventstream_next(&reader, in);
}

static void framing_item(fuzz_log *log) {
    llmf_str headers = reader.headers;
    llmfi_event_header h;
    int got;
    while ((got = llmfi_event_header_next(&headers, &h)) > 0) {
        if (!h.name.len) abort();
        fuzz_put(log, h.name.ptr, h.name.len);
        fuzz_put(log, "=", 1);
        fuzz_put(log, h.value.ptr, h.value.len);
    }
    if (got < 0) abort(); /* what is handed out can be read */
    (void)llmfi_eventstream_header(&reader, LLMFI_LIT(":event-type"));
    fuzz_put(log, "\n", 1);
    fuzz_put(log, reader.payload.ptr, reader.payload.len);
    fuzz_put(log, "|", 1);
}

static void framing_close(fuzz_log *log, int got) {
    (void)got;
    fuzz_put(log, reader.error == LLMFI_WIRE_LIMIT ? "!" : reader.error == LLMFI_WIRE_BAD ? "?" : ".", 1);
    llmfi_eventstream_free(&reader);
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
    fuzz_framing(bytes, size, data, data[1] + 1u, data[2] % 8 + 1u);
    return 0;
}
