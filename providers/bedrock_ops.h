/* What Bedrock has besides Converse ("Amazon Bedrock API reference": InvokeModel, CountTokens). An invoked model gets and gives its maker's own body: Amazon's Titan one
   text, which is what the quirk one_text stands for, and Cohere's a list. */
#ifndef LLMFI_PROVIDERS_BEDROCK_OPS_H
#define LLMFI_PROVIDERS_BEDROCK_OPS_H
#include "bedrock.h"
#include "operation.h"

LLMFI_UNUSED static void llmfi_bedrock_method(const llmfi_ask *a, llmfi_out *out, llmf_str method) {
    LLMFI_PUT(out, "/model/");
    llmfi_put_url(out, a->model->model_id);
    llmfi_put_str(out, method);
}

#if LLMF_HAS_EMBED
static void llmfi_bedrock_embed_path(const llmfi_ask *a, llmfi_out *out) {
    llmfi_bedrock_method(a, out, LLMFI_LIT("/invoke"));
}

/* Cohere's model demands an input_type; it has none for similarity. */
static void llmfi_bedrock_embed_head(const llmfi_ask *a, llmfi_jw *w) {
    llmf_str purpose = llmfi_embed_purpose(a, "search_document\0search_query\0classification\0clustering\0clustering\0");
    if (LLMFI_BEDROCK_OWN(a, "input_type")) llmfi_jw_member_str(w, "input_type", purpose.len ? purpose : LLMFI_LIT("search_document"));
}

static void llmfi_bedrock_embed_tail(const llmfi_ask *a, llmfi_jw *w) {
    if (a->job->input->dimensions && LLMFI_BEDROCK_OWN(a, "output_dimension")) llmfi_jw_member_int(w, "output_dimension", a->job->input->dimensions);
}

static bool llmfi_bedrock_embed_body(const llmfi_ask *a, unsigned step, llmfi_jw *w) {
    static const llmfi_embed_form form = { "texts", llmfi_bedrock_embed_head, llmfi_bedrock_embed_tail };
    const llmf_input *in = a->job->input;
    if (!llmfi_bedrock_quirk(a, LLMFI_Q_ONE_TEXT)) return llmfi_embed_steps(a, step, w, &form);
    llmfi_jw_object(w);
    if (LLMFI_BEDROCK_OWN(a, "inputText")) llmfi_jw_member_str(w, "inputText", in->texts[0]);
    if (in->dimensions && LLMFI_BEDROCK_OWN(a, "dimensions")) llmfi_jw_member_int(w, "dimensions", in->dimensions);
    llmfi_extra_write(a, w);
    llmfi_jw_object_end(w);
    return false;
}

static void llmfi_bedrock_embed_check(const llmfi_ask *a, llmfi_refusal *no) {
    if (llmfi_strays(a->model->model_id)) llmfi_refuse(no, LLMF_ERR_CONFIG, "model_id", "cannot stand in a URL; give the model's id or its ARN");
}

static const llmfi_sieve_row llmfi_bedrock_embed_rows[] = {
    { "embedding", LLMFI_TAKE_FLOATS, LLMFI_GOT_VECTOR }, { "embeddings[]", LLMFI_TAKE_FLOATS, LLMFI_GOT_VECTOR }, { "embeddings.float[]", LLMFI_TAKE_FLOATS, LLMFI_GOT_VECTOR },
    { "inputTextTokenCount", LLMFI_TAKE_VALUE, LLMFI_GOT_INPUT }, { "error", LLMFI_TAKE_RAW, LLMFI_GOT_ERROR }
};
#endif

#if LLMF_HAS_COUNT
static void llmfi_bedrock_count_path(const llmfi_ask *a, llmfi_out *out) {
    llmfi_bedrock_method(a, out, LLMFI_LIT("/count-tokens"));
}

/* The body of Converse inside of two other objects, which begin in its first step and end behind its last. */
static bool llmfi_bedrock_count_body(const llmfi_ask *a, unsigned step, llmfi_jw *w) {
    bool more;
    if (step == 0) {
        llmfi_jw_object(w);
        llmfi_bedrock_object(w, "input");
        llmfi_jw_key(w, "converse");
    }
    more = llmfi_bedrock_body(a, step, w);
    if (!more) llmfi_jw_object_end(w);
    if (!more) llmfi_jw_object_end(w);
    return more;
}
#endif

#endif
