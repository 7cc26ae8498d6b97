/* OpenAI's operations at Azure's addresses, of a deployment as in azure.h. */
#ifndef LLMFI_PROVIDERS_AZURE_OPS_H
#define LLMFI_PROVIDERS_AZURE_OPS_H
#include "azure.h"
#include "openai_ops.h"

#if LLMF_HAS_EMBED
static void llmfi_azure_embed_path(const llmfi_ask *a, llmfi_out *out) {
    llmfi_azure_address(a, out, LLMFI_LIT("/embeddings"), true);
}

static bool llmfi_azure_embed_body(const llmfi_ask *a, unsigned step, llmfi_jw *w) {
    return llmfi_azure_step(a, step, w, llmfi_openai_embed_body);
}
#endif

#if LLMF_HAS_TRANSCRIBE
static void llmfi_azure_transcribe_path(const llmfi_ask *a, llmfi_out *out) {
    llmfi_azure_address(a, out, LLMFI_LIT("/audio/transcriptions"), true);
}

static bool llmfi_azure_transcribe_body(const llmfi_ask *a, unsigned step, llmfi_jw *w) {
    return llmfi_azure_step(a, step, w, llmfi_transcribe_body);
}

static void llmfi_azure_transcribe_check(const llmfi_ask *a, llmfi_refusal *no) {
    llmfi_azure_check_place(a, no);
    llmfi_transcribe_check(a, no);
}
#endif

#if LLMF_HAS_LIST
static void llmfi_azure_models_path(const llmfi_ask *a, llmfi_out *out) {
    llmfi_azure_address(a, out, LLMFI_LIT("/models"), false);
}
#endif

#endif
