/* What Gemini has besides answers (Gemini API reference: models.batchEmbedContents, countTokens, models.list; Vertex AI: predict, embedContent, countTokens). */
#ifndef LLMFI_PROVIDERS_GEMINI_OPS_H
#define LLMFI_PROVIDERS_GEMINI_OPS_H
#include "bulk.h"
#include "gemini.h"
#include "operation.h"

#if LLMF_HAS_EMBED
/* ---- embeddings: three forms of the same ---- */

enum { LLMFI_GEMINI_BATCH, LLMFI_GEMINI_PREDICT, LLMFI_GEMINI_ONE };

static int llmfi_gemini_embeds(const llmfi_ask *a) {
    if (!llmfi_op_trait(a, 'V')) return LLMFI_GEMINI_BATCH;
    return llmfi_gemini_quirk(a, LLMFI_Q_EMBED_CONTENT) ? LLMFI_GEMINI_ONE : LLMFI_GEMINI_PREDICT;
}

static void llmfi_gemini_embed_path(const llmfi_ask *a, llmfi_out *out) {
    static const char methods[] = ":batchEmbedContents\0:predict\0:embedContent\0";
    llmfi_gemini_method(a, out, llmfi_cstr(llmfi_word_at(methods, llmfi_gemini_embeds(a))));
}

static llmf_str llmfi_gemini_task(const llmfi_ask *a) {
    return llmfi_embed_purpose(a, "RETRIEVAL_DOCUMENT\0RETRIEVAL_QUERY\0CLASSIFICATION\0CLUSTERING\0SEMANTIC_SIMILARITY\0");
}

/* "content", and what goes with it. */
static void llmfi_gemini_embed_content(const llmfi_ask *a, llmf_str text, llmfi_jw *w) {
    llmf_str task = llmfi_gemini_task(a);
    llmfi_jw_key(w, "content");
    llmfi_jw_object(w);
    llmfi_jw_key(w, "parts");
    llmfi_jw_array(w);
    llmfi_jw_object(w);
    llmfi_jw_member_str(w, "text", text);
    llmfi_jw_object_end(w);
    llmfi_jw_array_end(w);
    llmfi_jw_object_end(w);
    if (task.len) llmfi_jw_member_str(w, "taskType", task);
    if (a->job->input->dimensions) llmfi_jw_member_int(w, "outputDimensionality", a->job->input->dimensions);
}

/* Extra members are those of each text. */
static void llmfi_gemini_embed_text(const llmfi_ask *a, llmf_str text, llmfi_jw *w) {
    llmf_str task = llmfi_gemini_task(a);
    llmfi_jw_object(w);
    if (llmfi_gemini_embeds(a) == LLMFI_GEMINI_PREDICT) {
        llmfi_jw_member_str(w, "content", text);
        if (task.len) llmfi_jw_member_str(w, "task_type", task);
    } else {
        llmfi_gemini_resource(a, w);
        llmfi_gemini_embed_content(a, text, w);
    }
    llmfi_extra_write(a, w);
    llmfi_jw_object_end(w);
}

static void llmfi_gemini_predict_tail(const llmfi_ask *a, llmfi_jw *w) {
    if (!a->job->input->dimensions) return;
    llmfi_jw_key(w, "parameters");
    llmfi_jw_object(w);
    llmfi_jw_member_int(w, "outputDimensionality", a->job->input->dimensions);
    llmfi_jw_object_end(w);
}

/* Steps: the beginning; a text each; the end. One text alone is the whole body. */
static bool llmfi_gemini_embed_body(const llmfi_ask *a, unsigned step, llmfi_jw *w) {
    const llmf_input *in = a->job->input;
    int form = llmfi_gemini_embeds(a);
    if (form == LLMFI_GEMINI_ONE) {
        llmfi_jw_object(w);
        llmfi_gemini_embed_content(a, in->texts[0], w);
        llmfi_extra_write(a, w);
        llmfi_jw_object_end(w);
        return false;
    }
    if (step == 0) {
        llmfi_jw_object(w);
        if (form == LLMFI_GEMINI_PREDICT) llmfi_jw_key(w, "instances");
        else llmfi_jw_key(w, "requests");
        llmfi_jw_array(w);
    } else if (step <= in->text_count) {
        llmfi_gemini_embed_text(a, in->texts[step - 1], w);
    } else {
        llmfi_jw_array_end(w);
        if (form == LLMFI_GEMINI_PREDICT) llmfi_gemini_predict_tail(a, w);
        llmfi_jw_object_end(w);
        return false;
    }
    return true;
}

static const llmfi_sieve_row llmfi_gemini_embed_rows[] = {
    { "embeddings[].values", LLMFI_TAKE_FLOATS, LLMFI_GOT_VECTOR }, { "embedding.values", LLMFI_TAKE_FLOATS, LLMFI_GOT_VECTOR },
    { "predictions[].embeddings.values", LLMFI_TAKE_FLOATS, LLMFI_GOT_VECTOR },
    { "usageMetadata.promptTokenCount", LLMFI_TAKE_VALUE, LLMFI_GOT_INPUT }, { "error", LLMFI_TAKE_RAW, LLMFI_GOT_ERROR }
};
#endif

#if LLMF_HAS_COUNT
/* ---- counting ---- */

static void llmfi_gemini_count_path(const llmfi_ask *a, llmfi_out *out) {
    llmfi_gemini_method(a, out, LLMFI_LIT(":countTokens"));
}

/* The body of the chat, on Vertex AI as it is, else inside of another object: the outer one begins in its first step and ends behind its last. */
static bool llmfi_gemini_count_body(const llmfi_ask *a, unsigned step, llmfi_jw *w) {
    bool inside = llmfi_gemini_counts_inside(a), more;
    if (inside && step == 0) {
        llmfi_jw_object(w);
        llmfi_jw_key(w, "generateContentRequest");
    }
    more = llmfi_gemini_body(a, step, w);
    if (inside && !more) llmfi_jw_object_end(w);
    return more;
}
#endif

#if LLMF_HAS_LIST
static void llmfi_gemini_models_path(const llmfi_ask *a, llmfi_out *out) {
    llmfi_gemini_version(a, out);
    LLMFI_PUT(out, "/models?pageSize=1000");
    llmfi_op_page(a, out, "&pageToken=");
}
#endif

#if LLMF_HAS_JOBS
/* ---- batches: their results stand in two places of the reply, of which the first to come counts ---- */

static void llmfi_gemini_bulk_path(const llmfi_ask *a, llmfi_out *out) {
    if (a->job->bulk->step == LLMFI_BULK_CREATE) {
        llmfi_gemini_method(a, out, LLMFI_LIT(":batchGenerateContent"));
        return;
    }
    llmfi_gemini_version(a, out);
    llmfi_bulk_path(a, out);
}

#define LLMFI_GEMINI_RESULTS(at)                                                                                                       \
    { at ".inlinedResponses[].response", LLMFI_TAKE_RAW, LLMFI_GOT_RESULT }, { at ".inlinedResponses[].error", LLMFI_TAKE_RAW, LLMFI_GOT_RESULT_ERROR }, \
    { at ".inlinedResponses[].metadata.key", LLMFI_TAKE_VALUE, LLMFI_GOT_RESULT_KEY },                                                                   \
    { at ".inlinedResponses[].metadata.custom_id", LLMFI_TAKE_VALUE, LLMFI_GOT_RESULT_KEY }, { at ".inlinedResponses[]", LLMFI_TAKE_END, LLMFI_GOT_RESULT_END }

static const llmfi_sieve_row llmfi_gemini_bulk_rows[] = {
    { "name", LLMFI_TAKE_VALUE, LLMFI_GOT_BULK }, { "metadata.state", LLMFI_TAKE_VALUE, LLMFI_GOT_BULK_WORD }, { "error.message", LLMFI_TAKE_VALUE, LLMFI_GOT_BULK_WHY },
    { "metadata.batchStats.requestCount", LLMFI_TAKE_VALUE, LLMFI_GOT_BULK_TOTAL },
    { "metadata.batchStats.successfulRequestCount", LLMFI_TAKE_VALUE, LLMFI_GOT_BULK_DONE },
    { "metadata.batchStats.failedRequestCount", LLMFI_TAKE_VALUE, LLMFI_GOT_BULK_FAILED },
    LLMFI_GEMINI_RESULTS("metadata.output.inlinedResponses"), LLMFI_GEMINI_RESULTS("response.inlinedResponses")
};
#endif

#endif
