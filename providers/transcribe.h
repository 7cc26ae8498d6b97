/* Transcription as OpenAI has it and others have taken over (OpenAI API reference: audio/transcriptions): a form goes out, JSON, text or a stream of events comes
   back. */
#ifndef LLMFI_PROVIDERS_TRANSCRIBE_H
#define LLMFI_PROVIDERS_TRANSCRIBE_H
#include "operation_reply.h"

#if LLMF_HAS_TRANSCRIBE

/* ---- the form ---- */

/* A form has no JSON: of an extra member the text, a list of them as NAME[] each. */
static void llmfi_form_extra_value(llmfi_out *o, const char *boundary, llmf_str name, const llmfi_node *n, bool item) {
    char list[80];
    llmf_str word = n->type == LLMFI_TRUE ? LLMFI_LIT("true") : n->type == LLMFI_FALSE ? LLMFI_LIT("false") : n->text;
    if (item && name.len + 2 < sizeof list) {
        memcpy(list, name.ptr, name.len);
        memcpy(list + name.len, "[]", 2);
        name = llmfi_str(list, name.len + 2);
    }
    if (n->type != LLMFI_NULL && n->type != LLMFI_ARRAY && n->type != LLMFI_OBJECT) llmfi_form_field(o, boundary, name, word);
}

static void llmfi_form_extra(llmfi_out *o, const char *boundary, const llmfi_node *under, const llmfi_node *over) {
    const llmfi_node *n, *item;
    int i;
    for (i = 0; i < 2; i++, under = over)
        for (n = under && under->type == LLMFI_OBJECT ? under->child : NULL; n; n = n->next) {
            if (i == 0 && llmfi_member(over, n->key)) continue;
            if (n->type == LLMFI_ARRAY)
                for (item = n->child; item; item = item->next) llmfi_form_extra_value(o, boundary, n->key, item, true);
            else llmfi_form_extra_value(o, boundary, n->key, n, false);
        }
}

/* A field of ours, unless extra has it or it says nothing. */
static void llmfi_form_ours(const llmfi_ask *a, llmfi_out *o, const char *name, llmf_str value) {
    if (value.len && !llmfi_extra(a, llmfi_cstr(name))) llmfi_form_field(o, a->job->boundary, llmfi_cstr(name), value);
}

static llmf_str llmfi_transcribe_format(const llmfi_ask *a) {
    if (LLMFI_IS(llmfi_cstr(a->req->format), "text")) return LLMFI_LIT("text");
    return a->job->input->segments && !llmfi_op_trait(a, 'T') ? LLMFI_LIT("verbose_json") : llmfi_str("", 0);
}

static void llmfi_transcribe_fields(const llmfi_ask *a, llmfi_out *o) {
    const llmf_request *q = a->req;
    char number[LLMFI_DOUBLE_TEXT];
    if (!llmfi_op_trait(a, 'M')) llmfi_form_ours(a, o, "model", a->model->model_id);
    llmfi_form_ours(a, o, "language", llmfi_cstr(a->job->input->language));
    llmfi_form_ours(a, o, "prompt", llmfi_text_at(q->prompt, q->prompt_len));
    llmfi_form_ours(a, o, "response_format", llmfi_transcribe_format(a));
    if (a->job->input->segments && llmfi_op_trait(a, 'T')) llmfi_form_ours(a, o, "timestamp_granularities", LLMFI_LIT("segment"));
    if (q->temperature != 0) llmfi_form_ours(a, o, "temperature", llmfi_str(number, llmfi_print_double(number, q->temperature < 0 ? 0 : q->temperature)));
    if (q->stream) llmfi_form_ours(a, o, "stream", LLMFI_LIT("true"));
    llmfi_form_extra(o, a->job->boundary, a->model->extra, a->extra);
}

/* Steps: the fields; the file, which servers want last; the end. */
LLMFI_UNUSED static bool llmfi_transcribe_body(const llmfi_ask *a, unsigned step, llmfi_jw *w) {
    const llmf_part *audio = a->job->input->audio;
    if (step == 0) {
        llmfi_jw_value(w); /* for the writer the value is there; its bytes are a form's */
        llmfi_transcribe_fields(a, w->out);
    } else if (step == 1) {
        llmfi_form_file_part(w->out, a->job->boundary, LLMFI_LIT("file"), llmfi_cstr(audio->name), llmfi_cstr(audio->media_type), &a->job->file);
    } else {
        llmfi_form_end(w->out, a->job->boundary);
        return false;
    }
    return true;
}

LLMFI_UNUSED static void llmfi_transcribe_headers(const llmfi_ask *a, llmfi_header_fn header, void *user) {
    llmfi_form_header(a->job->boundary, header, user);
}

LLMFI_UNUSED static void llmfi_transcribe_check(const llmfi_ask *a, llmfi_refusal *no) {
    if (llmfi_extra(a, LLMFI_LIT("stream"))) llmfi_refuse(no, LLMF_ERR_ARGUMENT, "extra.stream", "set the request's own stream instead: it also says how the reply is read");
    if (a->req->stream && LLMFI_IS(llmfi_cstr(a->req->format), "text")) llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "format", "a stream cannot be plain text; leave one of them out");
}

LLMFI_UNUSED static const llmfi_sieve_row llmfi_transcribe_rows[] = {
    { "text", LLMFI_TAKE_VALUE, LLMFI_GOT_TEXT }, { "language", LLMFI_TAKE_VALUE, LLMFI_GOT_LANGUAGE }, { "duration", LLMFI_TAKE_VALUE, LLMFI_GOT_DURATION },
    { "segments[].start", LLMFI_TAKE_VALUE, LLMFI_GOT_START }, { "segments[].end", LLMFI_TAKE_VALUE, LLMFI_GOT_STOP },
    { "segments[].text", LLMFI_TAKE_VALUE, LLMFI_GOT_PIECE }, { "segments[].speaker", LLMFI_TAKE_VALUE, LLMFI_GOT_SPEAKER },
    { "segments[].speaker_id", LLMFI_TAKE_VALUE, LLMFI_GOT_SPEAKER }, { "segments[]", LLMFI_TAKE_END, LLMFI_GOT_SEGMENT },
    { "usage.prompt_tokens", LLMFI_TAKE_VALUE, LLMFI_GOT_INPUT }, { "usage.input_tokens", LLMFI_TAKE_VALUE, LLMFI_GOT_INPUT },
    { "usage.completion_tokens", LLMFI_TAKE_VALUE, LLMFI_GOT_OUTPUT }, { "usage.output_tokens", LLMFI_TAKE_VALUE, LLMFI_GOT_OUTPUT },
    { "usage.total_tokens", LLMFI_TAKE_VALUE, LLMFI_GOT_TOTAL }, { "usage.prompt_tokens_details.audio_tokens", LLMFI_TAKE_VALUE, LLMFI_GOT_AUDIO },
    { "usage.seconds", LLMFI_TAKE_VALUE, LLMFI_GOT_DURATION }, { "model", LLMFI_TAKE_VALUE, LLMFI_GOT_MODEL }, { "error", LLMFI_TAKE_RAW, LLMFI_GOT_ERROR }
};

/* ---- a transcript as a stream ---- */

typedef struct llmfi_transcript_event {
    llmfi_value type, delta, text, start, end, speaker, usage, error;
} llmfi_transcript_event;

static const llmfi_value_row llmfi_transcript_members[] = {
    LLMFI_VALUE(llmfi_transcript_event, type), LLMFI_VALUE(llmfi_transcript_event, delta), LLMFI_VALUE(llmfi_transcript_event, text),
    LLMFI_VALUE(llmfi_transcript_event, start), LLMFI_VALUE(llmfi_transcript_event, end), LLMFI_VALUE(llmfi_transcript_event, speaker),
    LLMFI_VALUE(llmfi_transcript_event, usage), LLMFI_VALUE(llmfi_transcript_event, error)
};

typedef struct llmfi_transcript_usage {
    llmfi_value input_tokens, output_tokens;
} llmfi_transcript_usage;

static const llmfi_value_row llmfi_transcript_counts[] = {
    LLMFI_VALUE(llmfi_transcript_usage, input_tokens), LLMFI_VALUE(llmfi_transcript_usage, output_tokens)
};

static void llmfi_transcript_text(llmfi_reply *r, const llmfi_value *v) {
    llmfi_json j = llmfi_value_json(v);
    if (v->token == LLMFI_J_STRING) llmfi_reply_text_json(r, &j);
}

static void llmfi_transcript_segment(llmfi_reply *r, const llmfi_transcript_event *e) {
    llmfi_job *w = r->job;
    llmfi_json start = llmfi_value_json(&e->start), end = llmfi_value_json(&e->end);
    w->segment.start = llmfi_job_seconds(&start);
    w->segment.end = llmfi_job_seconds(&end);
    w->segment.text = llmfi_reply_keep(r, llmfi_value_text(r, &e->text));
    w->segment.speaker = llmfi_reply_keep(r, llmfi_value_text(r, &e->speaker));
    llmfi_job_segment(w, r);
}

/* The last event repeats the text: it counts where no piece of it has come. */
static void llmfi_transcript_done(llmfi_reply *r, const llmfi_transcript_event *e) {
    llmfi_transcript_usage u;
    if (!r->content) llmfi_transcript_text(r, &e->text);
    if (llmfi_value_members(&e->usage, llmfi_transcript_counts, LLMFI_COUNT(llmfi_transcript_counts), &u, sizeof u)) {
        r->usage.input = llmfi_value_count(&u.input_tokens);
        r->usage.output = llmfi_value_count(&u.output_tokens);
    }
    r->terminal = true;
}

static void llmfi_transcript_take(llmfi_reply *r, const llmfi_transcript_event *e, llmf_str data) {
    if (LLMFI_IS(e->type.text, "error") || llmfi_value_some(&e->error)) llmfi_fault_object(r, data, llmfi_str("", 0));
    else if (LLMFI_IS(e->type.text, "transcript.text.delta")) llmfi_transcript_text(r, &e->delta);
    else if (LLMFI_IS(e->type.text, "transcript.text.segment")) llmfi_transcript_segment(r, e);
    else if (LLMFI_IS(e->type.text, "transcript.text.done")) llmfi_transcript_done(r, e);
}

/* An event; or what is there instead of a stream: JSON, or the text itself. */
LLMFI_UNUSED static void llmfi_transcribe_frame(llmfi_reply *r, llmf_str event, llmf_str data) {
    llmfi_transcript_event e;
    llmfi_json j;
    (void)event;
    if (r->error.code || LLMFI_IS(data, "[DONE]")) return;
    llmfi_reply_mark(r);
    if (!r->streamed && llmfi_trim(data).len && llmfi_trim(data).ptr[0] == '{') {
        llmfi_job_take(r->job, r, data, true);
    } else if (!r->streamed) {
        llmfi_reply_text(r, llmfi_reply_clean(r, data));
        r->terminal = true;
    } else {
        memset(&e, 0, sizeof e);
        llmfi_json_init(&j, data, true);
        if (llmfi_json_enter(&j, LLMFI_J_OBJECT)) llmfi_value_read(&j, llmfi_transcript_members, LLMFI_COUNT(llmfi_transcript_members), &e);
        if (llmfi_frame_end(r, &j, data)) llmfi_transcript_take(r, &e, data);
    }
}

#endif
#endif
