/* What Anthropic has besides messages (Anthropic API reference: messages/count_tokens, models). */
#ifndef LLMFI_PROVIDERS_ANTHROPIC_OPS_H
#define LLMFI_PROVIDERS_ANTHROPIC_OPS_H
#include "anthropic.h"
#include "bulk.h"
#include "operation.h"

#if LLMF_HAS_COUNT
static void llmfi_anthropic_count_path(const llmfi_ask *a, llmfi_out *out) {
    llmfi_anthropic_path(a, out);
    LLMFI_PUT(out, "/count_tokens");
}
#endif

#if LLMF_HAS_JOBS
static void llmfi_anthropic_bulk_path(const llmfi_ask *a, llmfi_out *out) {
    llmfi_anthropic_base(a, out);
    llmfi_bulk_path(a, out);
}

static const llmfi_sieve_row llmfi_anthropic_bulk_rows[] = {
    { "id", LLMFI_TAKE_VALUE, LLMFI_GOT_BULK }, { "processing_status", LLMFI_TAKE_VALUE, LLMFI_GOT_BULK_WORD }, { "error", LLMFI_TAKE_RAW, LLMFI_GOT_ERROR },
    { "request_counts.processing", LLMFI_TAKE_VALUE, LLMFI_GOT_BULK_WAITS }, { "request_counts.succeeded", LLMFI_TAKE_VALUE, LLMFI_GOT_BULK_DONE },
    { "request_counts.errored", LLMFI_TAKE_VALUE, LLMFI_GOT_BULK_FAILED }, { "request_counts.canceled", LLMFI_TAKE_VALUE, LLMFI_GOT_BULK_FAILED },
    { "request_counts.expired", LLMFI_TAKE_VALUE, LLMFI_GOT_BULK_FAILED }
};
#endif

#if LLMF_HAS_LIST
static void llmfi_anthropic_models_path(const llmfi_ask *a, llmfi_out *out) {
    llmfi_anthropic_base(a, out);
    LLMFI_PUT(out, "/models?limit=1000");
    llmfi_op_page(a, out, "&after_id=");
}
#endif

#endif
