/* What hosts of OpenAI's kind have besides chats (OpenAI API reference: embeddings, audio/transcriptions, models, responses/input_tokens). Bodies are other
   members of the same names; what hosts do differently stands in models.def. */
#ifndef LLMFI_PROVIDERS_OPENAI_OPS_H
#define LLMFI_PROVIDERS_OPENAI_OPS_H
#include "bulk.h"
#include "openai_request.h"
#include "operation.h"
#include "transcribe.h"

#if LLMF_HAS_EMBED
/* ---- embeddings ---- */

static void llmfi_openai_embed_path(const llmfi_ask *a, llmfi_out *out) {
    llmfi_op_path(a, out, "/embeddings");
}

static void llmfi_openai_embed_head(const llmfi_ask *a, llmfi_jw *w) {
    if (LLMFI_OPENAI_OURS(a, "model")) llmfi_jw_member_str(w, "model", a->model->model_id);
}

static void llmfi_openai_embed_tail(const llmfi_ask *a, llmfi_jw *w) {
    const llmf_input *in = a->job->input;
    llmf_str purpose = llmfi_embed_purpose(a, "document\0query\0classification\0clustering\0similarity\0");
    if (in->dimensions && LLMFI_OPENAI_OURS(a, "dimensions") && LLMFI_OPENAI_OURS(a, "output_dimension")) {
        if (llmfi_op_trait(a, 'O')) llmfi_jw_member_int(w, "output_dimension", in->dimensions);
        else llmfi_jw_member_int(w, "dimensions", in->dimensions);
    }
    if (llmfi_op_trait(a, 'B') && LLMFI_OPENAI_OURS(a, "encoding_format")) llmfi_jw_member_lit(w, "encoding_format", "base64");
    if (llmfi_op_trait(a, 'P') && purpose.len && LLMFI_OPENAI_OURS(a, "input_type")) llmfi_jw_member_str(w, "input_type", purpose);
    if (a->req->user && *a->req->user && !llmfi_openai_quirk(a, LLMFI_Q_NO_USER_FIELD) && LLMFI_OPENAI_OURS(a, "user"))
        llmfi_jw_member_str(w, "user", llmfi_cstr(a->req->user));
}

static bool llmfi_openai_embed_body(const llmfi_ask *a, unsigned step, llmfi_jw *w) {
    static const llmfi_embed_form form = { "input", llmfi_openai_embed_head, llmfi_openai_embed_tail };
    return llmfi_embed_steps(a, step, w, &form);
}

static const llmfi_sieve_row llmfi_openai_embed_rows[] = {
    { "data[].embedding", LLMFI_TAKE_FLOATS, LLMFI_GOT_VECTOR }, { "data[].index", LLMFI_TAKE_VALUE, LLMFI_GOT_INDEX }, { "data[]", LLMFI_TAKE_END, LLMFI_GOT_ROW },
    { "model", LLMFI_TAKE_VALUE, LLMFI_GOT_MODEL }, { "usage.prompt_tokens", LLMFI_TAKE_VALUE, LLMFI_GOT_INPUT },
    { "usage.total_tokens", LLMFI_TAKE_VALUE, LLMFI_GOT_INPUT_ELSE }, { "error", LLMFI_TAKE_RAW, LLMFI_GOT_ERROR }
};
#endif

#if LLMF_HAS_LIST
/* ---- models ---- */

static void llmfi_openai_models_path(const llmfi_ask *a, llmfi_out *out) {
    llmfi_op_path(a, out, "/models");
}
#endif

#if LLMF_HAS_JOBS
/* ---- batches: OpenAI's members, then Mistral's ---- */

static const llmfi_sieve_row llmfi_bulk_openai_rows[] = {
    { "id", LLMFI_TAKE_VALUE, LLMFI_GOT_BULK }, { "status", LLMFI_TAKE_VALUE, LLMFI_GOT_BULK_WORD }, { "error", LLMFI_TAKE_RAW, LLMFI_GOT_ERROR },
    { "output_file_id", LLMFI_TAKE_VALUE, LLMFI_GOT_BULK_OUTPUT }, { "error_file_id", LLMFI_TAKE_VALUE, LLMFI_GOT_BULK_ERRORS },
    { "errors.data[].message", LLMFI_TAKE_VALUE, LLMFI_GOT_BULK_WHY }, { "request_counts.total", LLMFI_TAKE_VALUE, LLMFI_GOT_BULK_TOTAL },
    { "request_counts.completed", LLMFI_TAKE_VALUE, LLMFI_GOT_BULK_DONE }, { "request_counts.failed", LLMFI_TAKE_VALUE, LLMFI_GOT_BULK_FAILED },
    { "output_file", LLMFI_TAKE_VALUE, LLMFI_GOT_BULK_OUTPUT }, { "error_file", LLMFI_TAKE_VALUE, LLMFI_GOT_BULK_ERRORS },
    { "errors[].message", LLMFI_TAKE_VALUE, LLMFI_GOT_BULK_WHY }, { "total_requests", LLMFI_TAKE_VALUE, LLMFI_GOT_BULK_TOTAL },
    { "succeeded_requests", LLMFI_TAKE_VALUE, LLMFI_GOT_BULK_DONE }, { "failed_requests", LLMFI_TAKE_VALUE, LLMFI_GOT_BULK_FAILED },
    { "outputs[].custom_id", LLMFI_TAKE_VALUE, LLMFI_GOT_RESULT_KEY }, { "outputs[].response", LLMFI_TAKE_RAW, LLMFI_GOT_RESULT },
    { "outputs[].error", LLMFI_TAKE_RAW, LLMFI_GOT_RESULT_ERROR }, { "outputs[]", LLMFI_TAKE_END, LLMFI_GOT_RESULT_END }
};
#endif

#if LLMF_HAS_TRANSCRIBE
/* ---- transcription: its form stands in transcribe.h ---- */

static void llmfi_openai_transcribe_path(const llmfi_ask *a, llmfi_out *out) {
    llmfi_op_path(a, out, "/audio/transcriptions");
}
#endif

#endif
