/* What Ollama has besides chats ("API": POST /api/embed, GET /api/tags). */
#ifndef LLMFI_PROVIDERS_OLLAMA_OPS_H
#define LLMFI_PROVIDERS_OLLAMA_OPS_H
#include "ollama.h"
#include "operation.h"

#if LLMF_HAS_EMBED
static void llmfi_ollama_embed_path(const llmfi_ask *a, llmfi_out *out) {
    (void)a;
    LLMFI_PUT(out, "/api/embed");
}

static void llmfi_ollama_embed_head(const llmfi_ask *a, llmfi_jw *w) {
    if (llmfi_ollama_own(a, "model")) llmfi_jw_member_str(w, "model", a->model->model_id);
}

static void llmfi_ollama_embed_tail(const llmfi_ask *a, llmfi_jw *w) {
    if (a->job->input->dimensions && llmfi_ollama_own(a, "dimensions")) llmfi_jw_member_int(w, "dimensions", a->job->input->dimensions);
    if (a->model->num_ctx <= 0 || !llmfi_ollama_own(a, "options")) return;
    llmfi_jw_key(w, "options");
    llmfi_jw_object(w);
    llmfi_jw_member_int(w, "num_ctx", a->model->num_ctx);
    llmfi_jw_object_end(w);
}

static bool llmfi_ollama_embed_body(const llmfi_ask *a, unsigned step, llmfi_jw *w) {
    static const llmfi_embed_form form = { "input", llmfi_ollama_embed_head, llmfi_ollama_embed_tail };
    return llmfi_embed_steps(a, step, w, &form);
}

/* The second form is that of the older /api/embeddings. */
static const llmfi_sieve_row llmfi_ollama_embed_rows[] = {
    { "embeddings[]", LLMFI_TAKE_FLOATS, LLMFI_GOT_VECTOR }, { "embedding", LLMFI_TAKE_FLOATS, LLMFI_GOT_VECTOR }, { "model", LLMFI_TAKE_VALUE, LLMFI_GOT_MODEL },
    { "prompt_eval_count", LLMFI_TAKE_VALUE, LLMFI_GOT_INPUT }, { "error", LLMFI_TAKE_RAW, LLMFI_GOT_ERROR }
};
#endif

#if LLMF_HAS_LIST
static void llmfi_ollama_models_path(const llmfi_ask *a, llmfi_out *out) {
    (void)a;
    LLMFI_PUT(out, "/api/tags");
}
#endif

#endif
