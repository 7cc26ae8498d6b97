/* What comes of an operation besides chat: values by the ids of their rows, as the sieve finds them. */
#ifndef LLMFI_PROVIDERS_OPERATION_REPLY_H
#define LLMFI_PROVIDERS_OPERATION_REPLY_H
#include "bulk.h"
#include "operation.h"

LLMFI_UNUSED static void llmfi_job_list_add(llmfi_job *w, llmfi_reply *r, const void *item, size_t size) {
    if (!r->error.code && !llmfi_buf_add(&w->list, (const char *)item, size)) llmfi_reply_no_memory(r);
}

#if LLMF_HAS_LIST
/* An entry of a list of models is over. Gemini's ids stand behind "models/". */
static void llmfi_job_entry(llmfi_job *w, llmfi_reply *r) {
    llmf_str id = w->names[0].len ? w->names[0] : w->names[1].len ? w->names[1] : w->names[2];
    if (llmfi_starts(id, LLMFI_LIT("models/"))) id = llmfi_from(id, 7);
    if (!id.ptr) id = llmfi_str("", 0);
    llmfi_job_list_add(w, r, &id, sizeof id);
    memset(w->names, 0, sizeof w->names);
}
#endif

#if LLMF_HAS_TRANSCRIBE
static void llmfi_job_segment(llmfi_job *w, llmfi_reply *r) {
    if (!w->segment.text.ptr) w->segment.text = llmfi_str("", 0);
    if (!w->segment.speaker.ptr) w->segment.speaker = llmfi_str("", 0);
    llmfi_job_list_add(w, r, &w->segment, sizeof w->segment);
    memset(&w->segment, 0, sizeof w->segment);
    w->segment.start = w->segment.end = -1;
}

/* Seconds, also of "3.5"; below 0: none. */
static double llmfi_job_seconds(const llmfi_json *j) {
    double seconds;
    if (j->token != LLMFI_J_NUMBER && j->token != LLMFI_J_STRING) return -1;
    return llmfi_parse_double(j->text, &seconds) && seconds >= 0 ? seconds : -1;
}
#endif

/* A scalar, by the id of its row. */
static void llmfi_job_value(llmfi_job *w, llmfi_reply *r, const llmfi_json *j, int id) {
    bool text = j->token == LLMFI_J_STRING;
    int64_t n = llmfi_reply_number(j);
    switch (id) {
    case LLMFI_GOT_MODEL:
        if (text) llmfi_reply_model(r, llmfi_reply_string(r, j));
        break;
    case LLMFI_GOT_INPUT: r->usage.input = n; break;
    case LLMFI_GOT_INPUT_ELSE: w->else_tokens = n; break;
    case LLMFI_GOT_OUTPUT: r->usage.output = n; break;
    case LLMFI_GOT_TOTAL: r->total_tokens = n; break;
    case LLMFI_GOT_AUDIO: r->audio_tokens = n; break;
#if LLMF_HAS_COUNT
    case LLMFI_GOT_COUNT:
        if (n >= 0) w->output.tokens = n;
        w->seen = w->seen || n >= 0;
        break;
#endif
#if LLMF_HAS_LIST
    case LLMFI_GOT_NAME: case LLMFI_GOT_NAME_ELSE: case LLMFI_GOT_NAME_LAST:
        if (text) w->names[id - LLMFI_GOT_NAME] = llmfi_reply_keep(r, llmfi_reply_string(r, j));
        break;
    case LLMFI_GOT_MORE: w->no_more = j->token == LLMFI_J_FALSE; break;
    case LLMFI_GOT_NEXT:
        if (text) w->output.next_page = llmfi_reply_keep(r, llmfi_reply_string(r, j));
        break;
#endif
#if LLMF_HAS_TRANSCRIBE
    case LLMFI_GOT_TEXT:
        w->seen = w->seen || text;
        if (text) llmfi_reply_text_json(r, j);
        break;
    case LLMFI_GOT_LANGUAGE:
        if (text) w->output.language = llmfi_reply_keep(r, llmfi_reply_string(r, j));
        break;
    case LLMFI_GOT_DURATION: w->output.duration = llmfi_job_seconds(j); break;
    case LLMFI_GOT_START: w->segment.start = llmfi_job_seconds(j); break;
    case LLMFI_GOT_STOP: w->segment.end = llmfi_job_seconds(j); break;
    case LLMFI_GOT_PIECE:
        if (text) w->segment.text = llmfi_reply_keep(r, llmfi_reply_string(r, j));
        break;
    case LLMFI_GOT_SPEAKER:
        if (text) w->segment.speaker = llmfi_reply_keep(r, llmfi_reply_string(r, j));
        break;
#endif
#if LLMF_HAS_EMBED
    case LLMFI_GOT_INDEX: w->vectors.index = n; break;
    case LLMFI_GOT_VECTOR:
        if (text) llmfi_vectors_base64(&w->vectors, r, llmfi_reply_string(r, j));
        else llmfi_vectors_wrong(r, "something else stands where a vector should be");
        break;
#endif
#if LLMF_HAS_JOBS
    default: llmfi_bulk_value(w, r, j, id); break;
#else
    default: break;
#endif
    }
}

#if LLMF_HAS_EMBED
/* Some replies have an object around each vector, which has an end of its own; of others the vector is all of it. */
static void llmfi_job_vector_end(llmfi_job *w, llmfi_reply *r) {
    size_t i;
    for (i = 0; i < w->op->row_count; i++)
        if (w->op->rows[i].id == LLMFI_GOT_ROW) return;
    if (!r->error.code) llmfi_vectors_next(&w->vectors, r);
}
#endif

/* An end, by the id of its row. */
static void llmfi_job_end(llmfi_job *w, llmfi_reply *r, int id) {
    switch (id) {
#if LLMF_HAS_EMBED
    case LLMFI_GOT_ROW: llmfi_vectors_next(&w->vectors, r); break;
#endif
#if LLMF_HAS_LIST
    case LLMFI_GOT_ENTRY:
        w->seen = true;
        llmfi_job_entry(w, r);
        break;
    case LLMFI_GOT_LIST: w->seen = true; break;
#endif
#if LLMF_HAS_TRANSCRIBE
    case LLMFI_GOT_SEGMENT: llmfi_job_segment(w, r); break;
#endif
#if LLMF_HAS_JOBS
    case LLMFI_GOT_RESULT_END: llmfi_bulk_over(w); break;
#endif
    default: (void)w, (void)r; break;
    }
}

/* An error inside a reply with status 200; what null, false and their like say is none. */
static void llmfi_job_error(llmfi_reply *r, llmf_str raw) {
    static const char nothing[] = "null\0false\0\"\"\0{}\0[]\0000\0";
    if (llmfi_word_in(nothing, raw) < 0) llmfi_fault_object(r, raw, llmfi_str("", 0));
}

static void llmfi_job_item(llmfi_job *w, llmfi_reply *r) {
    llmfi_sieve *s = &w->sieve;
    switch (s->item) {
    case LLMFI_SIEVE_RAW:
#if LLMF_HAS_JOBS
        if (s->row->id != LLMFI_GOT_ERROR) llmfi_bulk_raw(w, r, s->raw, s->row->id);
        else
#endif
            llmfi_job_error(r, s->raw);
        break;
#if LLMF_HAS_EMBED
    case LLMFI_SIEVE_OPEN: s->to = llmfi_vectors_begin(&w->vectors, r, &s->cap); break;
    case LLMFI_SIEVE_FULL: llmfi_vectors_full(&w->vectors, r, s); break;
    case LLMFI_SIEVE_CLOSE:
        llmfi_vectors_end(&w->vectors, r, s->n);
        llmfi_job_vector_end(w, r);
        break;
#endif
    case LLMFI_SIEVE_END: llmfi_job_end(w, r, s->row->id); break;
    default:
        llmfi_job_value(w, r, &s->j, s->row->id);
#if LLMF_HAS_EMBED
        if (s->row->id == LLMFI_GOT_VECTOR) llmfi_job_vector_end(w, r);
#endif
    }
}

/* The body is no JSON, or numbers are missing where they should be. */
static LLMFI_COLD void llmfi_job_broken(llmfi_job *w, llmfi_reply *r, bool last) {
    const llmfi_sieve *s = &w->sieve;
    llmfi_text t;
    if (s->error == LLMFI_WIRE_MEMORY) {
        llmfi_reply_no_memory(r);
    } else if (s->error == LLMFI_WIRE_LIMIT) {
        llmfi_reply_fail(r, LLMF_ERR_LIMIT, "one text of the reply is longer than llmf_desc.max_line: raise it");
    } else if (!(last && s->j.error && s->j.error_offset >= llmfi_json_offset(&s->j) + (uint64_t)(s->j.end - s->j.at))) { /* else it is cut: llmfi_reply_end says so */
        llmfi_reply_fail(r, LLMF_ERR_PROTOCOL, "");
        t = llmfi_error_text(&r->error);
        llmfi_say(&t, r->provider);
#if LLMF_HAS_STRINGS
        LLMFI_SAY(&t, ": the reply is not what it should be (byte ");
        llmfi_say_int(&t, (int64_t)(s->j.error ? s->j.error_offset : llmfi_json_offset(&s->j)));
        LLMFI_SAY(&t, ": ");
        llmfi_say_c(&t, s->j.error ? s->j.error : "a number is expected");
        LLMFI_SAY(&t, "): is the base URL right?");
#endif
    }
}

/* What the reply of an operation should be. */
LLMFI_UNUSED static const char *llmfi_job_what(int op) {
    if (op == LLMF_OP_TRANSCRIBE) return "a transcript";
    if (op == LLMF_OP_COUNT_TOKENS) return "a count of tokens";
    return op == LLMF_OP_LIST_MODELS ? "a list of models" : "a batch";
}

/* All of it is there, and is JSON. */
static void llmfi_job_whole(llmfi_job *w, llmfi_reply *r) {
    if (r->error.code) return;
    if (r->usage.input < 0) r->usage.input = w->else_tokens;
#if LLMF_HAS_EMBED
    if (w->op->op == LLMF_OP_EMBED) llmfi_vectors_finish(&w->vectors, r);
    else
#endif
        if (!w->seen) llmfi_frame_foreign(r, llmfi_job_what(w->op->op));
    if (w->no_more) w->output.next_page = llmfi_str("", 0);
    r->terminal = true;
}

/* Takes all of `in`; last: no more comes. */
LLMFI_UNUSED static void llmfi_job_take(llmfi_job *w, llmfi_reply *r, llmf_str in, bool last) {
    int rc = LLMFI_WIRE_MORE;
    if (r->scratch.newest) llmfi_arena_free(&r->scratch);
    while (!r->error.code && (rc = llmfi_sieve_next(&w->sieve, &in, last)) == LLMFI_WIRE_ITEM) llmfi_job_item(w, r);
    if (rc == LLMFI_WIRE_ERROR) llmfi_job_broken(w, r, last);
    else if (last) llmfi_job_whole(w, r);
}

/* How the reply to this request is framed. */
LLMFI_UNUSED static int llmfi_job_framing(const llmfi_job *w, const llmf_request *q) {
    if (q->stream) return w->op->face.stream_framing;
    return q->op == LLMF_OP_TRANSCRIBE && LLMFI_IS(llmfi_cstr(q->format), "text") ? (int)LLMF_FRAMING_JSON /* whole */ : w->op->face.framing;
}

/* What the call gives, once it has ended. */
LLMFI_UNUSED static void llmfi_job_settle(llmfi_job *w, const llmfi_reply *r) {
    llmf_output *o = &w->output;
    bool list = w->op->op == LLMF_OP_LIST_MODELS;
    (void)r;
    o->models = list ? (const llmf_str *)(const void *)w->list.ptr : NULL;
    o->model_count = list ? w->list.len / sizeof *o->models : 0;
    o->segments = list ? NULL : (const llmf_segment *)(const void *)w->list.ptr;
    o->segment_count = list ? 0 : w->list.len / sizeof *o->segments;
#if LLMF_HAS_EMBED
    if (w->op->op == LLMF_OP_EMBED && !r->error.code) {
        o->vectors = llmfi_vectors_base(&w->vectors);
        o->vector_count = w->vectors.rows;
        o->dimensions = w->vectors.dimensions;
    }
#endif
}

#endif
