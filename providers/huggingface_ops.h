/* Hugging Face's own interface for vectors ("Inference Providers", feature extraction): a bare array comes back, for one text of its numbers. Models that give one
   vector for each token, and none for the text, are refused. */
#ifndef LLMFI_PROVIDERS_HUGGINGFACE_OPS_H
#define LLMFI_PROVIDERS_HUGGINGFACE_OPS_H
#include "operation.h"

#if LLMF_HAS_EMBED
/* A model's name is owner/name: its slash stays one. */
static void llmfi_huggingface_embed_path(const llmfi_ask *a, llmfi_out *out) {
    llmf_str left = a->model->model_id;
    LLMFI_PUT(out, "/models");
    while (left.len) {
        size_t slash = llmfi_find_char(left, '/'), len = slash == LLMFI_NOWHERE ? left.len : slash;
        LLMFI_PUT(out, "/");
        llmfi_put_url(out, llmfi_str(left.ptr, len));
        left = llmfi_from(left, slash == LLMFI_NOWHERE ? len : len + 1);
    }
    LLMFI_PUT(out, "/pipeline/feature-extraction");
}

static bool llmfi_huggingface_embed_body(const llmfi_ask *a, unsigned step, llmfi_jw *w) {
    static const llmfi_embed_form form = { "inputs", NULL, NULL };
    return llmfi_embed_steps(a, step, w, &form);
}

static void llmfi_huggingface_embed_check(const llmfi_ask *a, llmfi_refusal *no) {
    llmf_str left = a->model->model_id;
    while (left.ptr && no->code == LLMF_OK) {
        size_t slash = llmfi_find_char(left, '/');
        if (llmfi_strays(llmfi_str(left.ptr, slash == LLMFI_NOWHERE ? left.len : slash)))
            llmfi_refuse(no, LLMF_ERR_ARGUMENT, "model", "cannot stand in a URL; give it as owner/name");
        left = slash == LLMFI_NOWHERE ? llmfi_str(NULL, 0) : llmfi_from(left, slash + 1);
    }
    if (a->job->input->dimensions) llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "input.dimensions", "cannot be chosen here; leave it out, or take another model");
}

static const llmfi_sieve_row llmfi_huggingface_embed_rows[] = {
    { "", LLMFI_TAKE_FLOATS, LLMFI_GOT_VECTOR }, { "[]", LLMFI_TAKE_FLOATS, LLMFI_GOT_VECTOR }, { "error", LLMFI_TAKE_RAW, LLMFI_GOT_ERROR }
};
#endif

#endif
