/* The dialects of this build, in one table. A new dialect is its file, its include and its row here, and its row in models.def. */
#ifndef LLMFI_PROVIDERS_ADAPTERS_H
#define LLMFI_PROVIDERS_ADAPTERS_H
#include "../src/options.h"
#include "adapter.h"
/* What adapters share stands before the first #if: a part is joined where it is first included. */
#include "body.h"
#include "claude.h"
#include "common.h"
#include "fault.h"
#include "operation.h"
#if LLMF_HAS_DIALECT_OPENAI || LLMF_HAS_DIALECT_OPENAI_RESPONSES
#include "openai_request.h"
#endif
#if LLMF_HAS_DIALECT_ANTHROPIC || LLMF_HAS_DIALECT_BEDROCK
#include "anthropic_reply.h"
#endif
#if LLMF_HAS_DIALECT_OPENAI
#include "openai.h"
#endif
#if LLMF_HAS_DIALECT_OPENAI_RESPONSES
#include "openai_responses.h"
#endif
#if LLMF_HAS_DIALECT_ANTHROPIC
#include "anthropic.h"
#endif
#if LLMF_HAS_DIALECT_GEMINI
#include "gemini.h"
#endif
#if LLMF_HAS_DIALECT_OLLAMA
#include "ollama.h"
#endif
#if LLMF_HAS_DIALECT_AZURE
#include "azure.h"
#endif
#if LLMF_HAS_DIALECT_BEDROCK
#include "bedrock.h"
#endif
#if LLMF_HAS_DIALECT_COHERE
#include "cohere.h"
#endif
#if LLMF_HAS_DIALECT_MOCK
#include "mock.h"
#endif

static const llmfi_adapter *const llmfi_adapters[] = {
    LLMFI_KEEP(LLMF_HAS_DIALECT_OPENAI, &llmfi_openai, )
    LLMFI_KEEP(LLMF_HAS_DIALECT_OPENAI_RESPONSES, &llmfi_responses, )
    LLMFI_KEEP(LLMF_HAS_DIALECT_ANTHROPIC, &llmfi_anthropic, )
    LLMFI_KEEP(LLMF_HAS_DIALECT_GEMINI, &llmfi_gemini, )
    LLMFI_KEEP(LLMF_HAS_DIALECT_OLLAMA, &llmfi_ollama, )
    LLMFI_KEEP(LLMF_HAS_DIALECT_AZURE, &llmfi_azure, )
    LLMFI_KEEP(LLMF_HAS_DIALECT_BEDROCK, &llmfi_bedrock, )
    LLMFI_KEEP(LLMF_HAS_DIALECT_COHERE, &llmfi_cohere, )
    LLMFI_KEEP(LLMF_HAS_DIALECT_MOCK, &llmfi_mock, )
    NULL
};

/* The adapter of a dialect by its name, or NULL. */
LLMFI_UNUSED static const llmfi_adapter *llmfi_adapter_find(llmf_str name) {
    size_t i;
    for (i = 0; llmfi_adapters[i]; i++)
        if (llmfi_eq(llmfi_cstr(llmfi_adapters[i]->name), name)) return llmfi_adapters[i];
    return NULL;
}

#endif
