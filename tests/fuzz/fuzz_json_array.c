/* Any bytes as an array; what is JSON gives its elements and closes. The first three bytes of the input choose the limit, the seed of the pieces and the request
   that is refused. See framing.h. */
#include "../../src/base/json.h"
#include "../../src/wire/json_array.h"
#include "framing.h"

static llmfi_json_array reader;

static void framing_open(llmfi_heap *heap, const uint8_t *options) {
    llmfi_json_array_init(&reader, heap, (size_t)options[0] * 8 + 1);
}

static int framing_next(llmf_str *in) {
    return llmfi_json_array_next(&reader, in);
}

static void framing_item(fuzz_log *log) {
    llmf_str s = reader.payload;
    if (!s.len || llmfi_is_space(s.ptr[0]) || llmfi_is_space(s.ptr[s.len - 1])) abort();
    fuzz_put(log, s.ptr, s.len);
    fuzz_put(log, "\n", 1);
}

static void framing_close(fuzz_log *log, int got) {
    (void)got;
    fuzz_put(log, reader.error == LLMFI_WIRE_LIMIT ? "!" : reader.error == LLMFI_WIRE_BAD ? "?" : llmfi_json_array_closed(&reader) ? "]" : ".", 1);
    llmfi_json_array_free(&reader);
}

/* The same by the JSON reader: false where the bytes are no JSON array. */
static bool read_array(fuzz_log *log, llmf_str text) {
    llmfi_json j;
    llmf_str element;
    int token;
    log->len = 0;
    llmfi_json_init(&j, text, true);
    if (llmfi_json_next(&j) != LLMFI_J_ARRAY) return false;
    while ((token = llmfi_json_raw(&j, &element)) > 0 && token != LLMFI_J_ARRAY_END) {
        fuzz_put(log, element.ptr, element.len);
        fuzz_put(log, "\n", 1);
    }
    fuzz_put(log, "]", 1);
    return token == LLMFI_J_ARRAY_END && llmfi_json_next(&j) == LLMFI_J_END;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 3 || size > 4096) return 0;
    fuzz_framing(data + 3, size - 3, data, data[1] + 1u, data[2] % 8 + 1u);
    if (read_array(&fuzz_split, llmfi_str((const char *)data + 3, size - 3)) && fuzz_whole.bytes[fuzz_whole.len - 1] != '!' && !fuzz_same()) abort();
    return 0;
}
