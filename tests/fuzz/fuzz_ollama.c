/* Any bytes as lines of Ollama's chat API. See dialect.h. */
#include "../../providers/ollama.h"
#include "dialect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2 || size > 16384) return 0;
    fuzz_reply(&llmfi_ollama, data, size, NULL);
    return 0;
}
