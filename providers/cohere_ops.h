/* What Cohere has besides chats ("Cohere API reference", v2: embed, audio/transcriptions; v1: models). */
#ifndef LLMFI_PROVIDERS_COHERE_OPS_H
#define LLMFI_PROVIDERS_COHERE_OPS_H
#include "cohere.h"
#include "transcribe.h"

#if LLMF_HAS_EMBED
static void llmfi_cohere_embed_path(const llmfi_ask *a, llmfi_out *out) {
    llmfi_cohere_base(a, out);
    LLMFI_PUT(out, "/embed");
}

/* An input_type is demanded; it has none for similarity. */
static void llmfi_cohere_embed_head(const llmfi_ask *a, llmfi_jw *w) {
    llmf_str purpose = llmfi_embed_purpose(a, "search_document\0search_query\0classification\0clustering\0clustering\0");
    if (LLMFI_COHERE_OURS(a, "model")) llmfi_jw_member_str(w, "model", a->model->model_id);
    if (LLMFI_COHERE_OURS(a, "input_type")) llmfi_jw_member_str(w, "input_type", purpose.len ? purpose : LLMFI_LIT("search_document"));
    if (LLMFI_COHERE_OURS(a, "embedding_types")) llmfi_jw_member_raw(w, "embedding_types", LLMFI_LIT("[\"float\"]"));
}

static void llmfi_cohere_embed_tail(const llmfi_ask *a, llmfi_jw *w) {
    if (a->job->input->dimensions && LLMFI_COHERE_OURS(a, "output_dimension")) llmfi_jw_member_int(w, "output_dimension", a->job->input->dimensions);
}

static bool llmfi_cohere_embed_body(const llmfi_ask *a, unsigned step, llmfi_jw *w) {
    static const llmfi_embed_form form = { "texts", llmfi_cohere_embed_head, llmfi_cohere_embed_tail };
    return llmfi_embed_steps(a, step, w, &form);
}

/* The third form is that of older versions, and of other hosts. */
static const llmfi_sieve_row llmfi_cohere_embed_rows[] = {
    { "embeddings.float[]", LLMFI_TAKE_FLOATS, LLMFI_GOT_VECTOR }, { "embeddings.base64[]", LLMFI_TAKE_FLOATS, LLMFI_GOT_VECTOR },
    { "embeddings[]", LLMFI_TAKE_FLOATS, LLMFI_GOT_VECTOR }, { "meta.billed_units.input_tokens", LLMFI_TAKE_VALUE, LLMFI_GOT_INPUT },
    { "error", LLMFI_TAKE_RAW, LLMFI_GOT_ERROR }
};
#endif

#if LLMF_HAS_TRANSCRIBE
static void llmfi_cohere_transcribe_path(const llmfi_ask *a, llmfi_out *out) {
    llmfi_cohere_base(a, out);
    LLMFI_PUT(out, "/audio/transcriptions");
}
#endif

#if LLMF_HAS_LIST
static void llmfi_cohere_models_path(const llmfi_ask *a, llmfi_out *out) {
    LLMFI_PUT(out, "/v1/models?page_size=1000");
    llmfi_op_page(a, out, "&page_token=");
}
#endif

#endif
