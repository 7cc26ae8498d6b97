/* What Anthropic has besides messages (Anthropic API reference: messages/count_tokens, models). */
#ifndef LLMFI_PROVIDERS_ANTHROPIC_OPS_H
#define LLMFI_PROVIDERS_ANTHROPIC_OPS_H
#include "anthropic.h"
#include "operation.h"

#if LLMF_HAS_COUNT
static void llmfi_anthropic_count_path(const llmfi_ask *a, llmfi_out *out) {
    llmfi_anthropic_path(a, out);
    LLMFI_PUT(out, "/count_tokens");
}
#endif

#if LLMF_HAS_LIST
static void llmfi_anthropic_models_path(const llmfi_ask *a, llmfi_out *out) {
    llmfi_anthropic_base(a, out);
    LLMFI_PUT(out, "/models?limit=1000");
    llmfi_op_page(a, out, "&after_id=");
}
#endif

#endif
