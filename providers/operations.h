/* The operations besides chat that this build has: of each dialect, one row. What is common to all, the reading of counts and lists, stands here too. */
#ifndef LLMFI_PROVIDERS_OPERATIONS_H
#define LLMFI_PROVIDERS_OPERATIONS_H
#include "adapters.h"
#include "bulk.h"
#include "operation_reply.h"
#include "transcribe.h"
#if LLMF_HAS_DIALECT_OPENAI || LLMF_HAS_DIALECT_OPENAI_RESPONSES
#include "openai_ops.h"
#endif
#if LLMF_HAS_DIALECT_AZURE
#include "azure_ops.h"
#endif
#if LLMF_HAS_DIALECT_ANTHROPIC
#include "anthropic_ops.h"
#endif
#if LLMF_HAS_DIALECT_GEMINI
#include "gemini_ops.h"
#endif
#if LLMF_HAS_DIALECT_BEDROCK
#include "bedrock_ops.h"
#endif
#if LLMF_HAS_DIALECT_OLLAMA
#include "ollama_ops.h"
#endif
#if LLMF_HAS_DIALECT_COHERE
#include "cohere_ops.h"
#endif
#if LLMF_HAS_HUGGINGFACE
#include "huggingface_ops.h"
#endif

#if LLMF_HAS_COUNT
/* Anthropic and OpenAI; Bedrock; Gemini. */
LLMFI_UNUSED static const llmfi_sieve_row llmfi_count_rows[] = {
    { "input_tokens", LLMFI_TAKE_VALUE, LLMFI_GOT_COUNT }, { "inputTokens", LLMFI_TAKE_VALUE, LLMFI_GOT_COUNT },
    { "totalTokens", LLMFI_TAKE_VALUE, LLMFI_GOT_COUNT }, { "error", LLMFI_TAKE_RAW, LLMFI_GOT_ERROR }
};
#endif

#if LLMF_HAS_LIST
/* `data` of OpenAI's kind and of Anthropic, `models` of Gemini, Cohere and Ollama, a bare array of Together. */
LLMFI_UNUSED static const llmfi_sieve_row llmfi_model_list_rows[] = {
    { "data[].id", LLMFI_TAKE_VALUE, LLMFI_GOT_NAME }, { "data[].name", LLMFI_TAKE_VALUE, LLMFI_GOT_NAME_ELSE }, { "data[].model", LLMFI_TAKE_VALUE, LLMFI_GOT_NAME_LAST },
    { "data[]", LLMFI_TAKE_END, LLMFI_GOT_ENTRY }, { "data", LLMFI_TAKE_END, LLMFI_GOT_LIST },
    { "models[].id", LLMFI_TAKE_VALUE, LLMFI_GOT_NAME }, { "models[].name", LLMFI_TAKE_VALUE, LLMFI_GOT_NAME_ELSE },
    { "models[].model", LLMFI_TAKE_VALUE, LLMFI_GOT_NAME_LAST }, { "models[]", LLMFI_TAKE_END, LLMFI_GOT_ENTRY }, { "models", LLMFI_TAKE_END, LLMFI_GOT_LIST },
    { "[].id", LLMFI_TAKE_VALUE, LLMFI_GOT_NAME }, { "[].name", LLMFI_TAKE_VALUE, LLMFI_GOT_NAME_ELSE }, { "[]", LLMFI_TAKE_END, LLMFI_GOT_ENTRY },
    { "has_more", LLMFI_TAKE_VALUE, LLMFI_GOT_MORE }, { "last_id", LLMFI_TAKE_VALUE, LLMFI_GOT_NEXT }, { "nextPageToken", LLMFI_TAKE_VALUE, LLMFI_GOT_NEXT },
    { "next_page_token", LLMFI_TAKE_VALUE, LLMFI_GOT_NEXT }, { "error", LLMFI_TAKE_RAW, LLMFI_GOT_ERROR }
};
#endif

/* Rows of a reply that comes as paths; and the faces of the operations. check, headers: NULL: none. */
#define LLMFI_OP_ROWS(rows) rows, LLMFI_COUNT(rows)
#define LLMFI_OP_FACE(dialect, check, path, headers, body) { dialect, check, path, headers, body, LLMFI_FRAMING_PATHS, LLMFI_FRAMING_PATHS, llmfi_no_frame, NULL }
#define LLMFI_OP_EMBED(dialect, check, path, body, rows) \
    { dialect, LLMF_OP_EMBED, false, false, LLMFI_OP_FACE(dialect, check, path, NULL, body), LLMFI_OP_ROWS(rows) },
#define LLMFI_OP_TRANSCRIBE(dialect, check, path, body)                                                                                          \
    { dialect, LLMF_OP_TRANSCRIBE, false, false,                                                                                                 \
      { dialect, check, path, llmfi_transcribe_headers, body, LLMFI_FRAMING_PATHS, LLMF_FRAMING_SSE, llmfi_transcribe_frame, NULL },             \
      LLMFI_OP_ROWS(llmfi_transcribe_rows) },
#define LLMFI_OP_COUNT(dialect, everywhere, check, path, headers, body) \
    { dialect, LLMF_OP_COUNT_TOKENS, everywhere, false, LLMFI_OP_FACE(dialect, check, path, headers, body), LLMFI_OP_ROWS(llmfi_count_rows) },
#define LLMFI_OP_LIST(dialect, check, path, headers) \
    { dialect, LLMF_OP_LIST_MODELS, true, true, LLMFI_OP_FACE(dialect, check, path, headers, llmfi_no_body), LLMFI_OP_ROWS(llmfi_model_list_rows) },
#define LLMFI_OP_BATCH(dialect, path, headers, rows)                                                                                             \
    { dialect, LLMF_OP_BATCH, false, false,                                                                                                      \
      { dialect, NULL, path, headers, llmfi_bulk_body, LLMFI_FRAMING_PATHS, LLMF_FRAMING_NDJSON, llmfi_bulk_frame, NULL }, LLMFI_OP_ROWS(rows) },

static const llmfi_operation llmfi_operations[] = {
#if LLMF_HAS_DIALECT_OPENAI
    LLMFI_KEEP(LLMF_HAS_EMBED, LLMFI_OP_EMBED("openai", NULL, llmfi_openai_embed_path, llmfi_openai_embed_body, llmfi_openai_embed_rows))
    LLMFI_KEEP(LLMF_HAS_TRANSCRIBE, LLMFI_OP_TRANSCRIBE("openai", llmfi_transcribe_check, llmfi_openai_transcribe_path, llmfi_transcribe_body))
    LLMFI_KEEP(LLMF_HAS_LIST, LLMFI_OP_LIST("openai", NULL, llmfi_openai_models_path, NULL))
    LLMFI_KEEP(LLMF_HAS_JOBS, LLMFI_OP_BATCH("openai", llmfi_bulk_path, llmfi_bulk_headers, llmfi_bulk_openai_rows))
#endif
#if LLMF_HAS_DIALECT_OPENAI_RESPONSES
    LLMFI_KEEP(LLMF_HAS_EMBED, LLMFI_OP_EMBED("openai_responses", NULL, llmfi_openai_embed_path, llmfi_openai_embed_body, llmfi_openai_embed_rows))
    LLMFI_KEEP(LLMF_HAS_TRANSCRIBE, LLMFI_OP_TRANSCRIBE("openai_responses", llmfi_transcribe_check, llmfi_openai_transcribe_path, llmfi_transcribe_body))
    LLMFI_KEEP(LLMF_HAS_COUNT, LLMFI_OP_COUNT("openai_responses", true, llmfi_responses_check, llmfi_responses_count_path, NULL, llmfi_responses_body))
    LLMFI_KEEP(LLMF_HAS_LIST, LLMFI_OP_LIST("openai_responses", NULL, llmfi_openai_models_path, NULL))
    LLMFI_KEEP(LLMF_HAS_JOBS, LLMFI_OP_BATCH("openai_responses", llmfi_bulk_path, llmfi_bulk_headers, llmfi_bulk_openai_rows))
#endif
#if LLMF_HAS_DIALECT_AZURE
    LLMFI_KEEP(LLMF_HAS_EMBED, LLMFI_OP_EMBED("azure", llmfi_azure_check_place, llmfi_azure_embed_path, llmfi_azure_embed_body, llmfi_openai_embed_rows))
    LLMFI_KEEP(LLMF_HAS_TRANSCRIBE, LLMFI_OP_TRANSCRIBE("azure", llmfi_azure_transcribe_check, llmfi_azure_transcribe_path, llmfi_azure_transcribe_body))
    LLMFI_KEEP(LLMF_HAS_LIST, LLMFI_OP_LIST("azure", llmfi_azure_check_place, llmfi_azure_models_path, NULL))
#endif
#if LLMF_HAS_DIALECT_ANTHROPIC
    LLMFI_KEEP(LLMF_HAS_COUNT, LLMFI_OP_COUNT("anthropic", true, llmfi_anthropic_check, llmfi_anthropic_count_path, llmfi_anthropic_headers, llmfi_anthropic_body))
    LLMFI_KEEP(LLMF_HAS_LIST, LLMFI_OP_LIST("anthropic", NULL, llmfi_anthropic_models_path, llmfi_anthropic_headers))
    LLMFI_KEEP(LLMF_HAS_JOBS, LLMFI_OP_BATCH("anthropic", llmfi_anthropic_bulk_path, llmfi_anthropic_headers, llmfi_anthropic_bulk_rows))
#endif
#if LLMF_HAS_DIALECT_GEMINI
    LLMFI_KEEP(LLMF_HAS_EMBED, LLMFI_OP_EMBED("gemini", NULL, llmfi_gemini_embed_path, llmfi_gemini_embed_body, llmfi_gemini_embed_rows))
    LLMFI_KEEP(LLMF_HAS_COUNT, LLMFI_OP_COUNT("gemini", true, llmfi_gemini_check, llmfi_gemini_count_path, NULL, llmfi_gemini_count_body))
    LLMFI_KEEP(LLMF_HAS_LIST, LLMFI_OP_LIST("gemini", NULL, llmfi_gemini_models_path, NULL))
    LLMFI_KEEP(LLMF_HAS_JOBS, LLMFI_OP_BATCH("gemini", llmfi_gemini_bulk_path, NULL, llmfi_gemini_bulk_rows))
#endif
#if LLMF_HAS_DIALECT_BEDROCK
    LLMFI_KEEP(LLMF_HAS_EMBED, LLMFI_OP_EMBED("bedrock", llmfi_bedrock_embed_check, llmfi_bedrock_embed_path, llmfi_bedrock_embed_body, llmfi_bedrock_embed_rows))
    LLMFI_KEEP(LLMF_HAS_COUNT, LLMFI_OP_COUNT("bedrock", true, llmfi_bedrock_check, llmfi_bedrock_count_path, NULL, llmfi_bedrock_count_body))
#endif
#if LLMF_HAS_DIALECT_OLLAMA
    LLMFI_KEEP(LLMF_HAS_EMBED, LLMFI_OP_EMBED("ollama", NULL, llmfi_ollama_embed_path, llmfi_ollama_embed_body, llmfi_ollama_embed_rows))
    LLMFI_KEEP(LLMF_HAS_LIST, LLMFI_OP_LIST("ollama", NULL, llmfi_ollama_models_path, NULL))
#endif
#if LLMF_HAS_DIALECT_COHERE
    LLMFI_KEEP(LLMF_HAS_EMBED, LLMFI_OP_EMBED("cohere", NULL, llmfi_cohere_embed_path, llmfi_cohere_embed_body, llmfi_cohere_embed_rows))
    LLMFI_KEEP(LLMF_HAS_TRANSCRIBE, LLMFI_OP_TRANSCRIBE("cohere", llmfi_transcribe_check, llmfi_cohere_transcribe_path, llmfi_transcribe_body))
    LLMFI_KEEP(LLMF_HAS_LIST, LLMFI_OP_LIST("cohere", NULL, llmfi_cohere_models_path, NULL))
#endif
#if LLMF_HAS_HUGGINGFACE
    LLMFI_KEEP(LLMF_HAS_EMBED,
               LLMFI_OP_EMBED("huggingface", llmfi_huggingface_embed_check, llmfi_huggingface_embed_path, llmfi_huggingface_embed_body, llmfi_huggingface_embed_rows))
#endif
    { NULL, LLMF_OP_CHAT, false, false, { NULL, NULL, NULL, NULL, NULL, 0, 0, NULL, NULL }, NULL, 0 }
};

/* The operation of a dialect; NULL: it has none. */
LLMFI_UNUSED static const llmfi_operation *llmfi_operation_find(llmf_str dialect, int op) {
    const llmfi_operation *o;
    for (o = llmfi_operations; o->dialect; o++)
        if (o->op == op && llmfi_eq(llmfi_cstr(o->dialect), dialect)) return o;
    return NULL;
}

#endif
