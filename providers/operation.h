/* What an operation besides chat is: whose body is written by a dialect, like a chat's, but whose reply is read by a list of paths. The bytes of the reply go
   through a sieve, so that a long one (vectors, models) is never held. */
#ifndef LLMFI_PROVIDERS_OPERATION_H
#define LLMFI_PROVIDERS_OPERATION_H
#include "../src/wire/json_sieve.h"
#include "../src/wire/multipart.h"
#include "common.h"
#include "fault.h"
#if LLMF_HAS_EMBED
#include "vectors.h"
#endif

/* A reply that is read as it comes, by the operation's paths: LLMF_FRAMING_… of our own. */
enum { LLMFI_FRAMING_PATHS = 16 };

/* What the table says of an operation at one host (LLMF_OPERATION in models.def). */
typedef struct llmfi_op_row {
    const char *url;                         /* "": the provider's base and the dialect's path; "/…": another path; "https://…": another base; "-": not there */
    const char *traits;                      /* letters, see LLMFI_HAS_TRAIT */
    int16_t provider;                        /* of llmfi_provider_rows */
    uint8_t op, dialect;                     /* dialect: whose operation it speaks */
} llmfi_op_row;

/* One operation of one dialect. */
typedef struct llmfi_operation {
    const char *dialect;
    int op;                                  /* LLMF_OP_… */
    bool everywhere;                         /* each host of the dialect has it; else those that the table names, and those of one's own */
    bool get;                                /* asked for by GET, without a body */
    llmfi_adapter face;                      /* what a call looks to the engine like */
    const llmfi_sieve_row *rows;             /* of a reply that is no stream; NULL: face.on_frame reads it, too */
    size_t row_count;
} llmfi_operation;

/* Ids of the rows: what a value is. */
enum {
    LLMFI_GOT_ERROR, LLMFI_GOT_MODEL,
    LLMFI_GOT_VECTOR, LLMFI_GOT_INDEX, LLMFI_GOT_ROW,
    LLMFI_GOT_INPUT, LLMFI_GOT_INPUT_ELSE,   /* tokens; _ELSE: where the other does not come */
    LLMFI_GOT_OUTPUT, LLMFI_GOT_TOTAL, LLMFI_GOT_AUDIO,
    LLMFI_GOT_COUNT,
    LLMFI_GOT_NAME, LLMFI_GOT_NAME_ELSE, LLMFI_GOT_NAME_LAST, LLMFI_GOT_ENTRY, LLMFI_GOT_LIST, LLMFI_GOT_MORE, LLMFI_GOT_NEXT,
    LLMFI_GOT_TEXT, LLMFI_GOT_LANGUAGE, LLMFI_GOT_DURATION,
    LLMFI_GOT_START, LLMFI_GOT_STOP, LLMFI_GOT_PIECE, LLMFI_GOT_SPEAKER, LLMFI_GOT_SEGMENT,
    LLMFI_GOT_BULK, LLMFI_GOT_BULK_WORD, LLMFI_GOT_BULK_OUTPUT, LLMFI_GOT_BULK_ERRORS, LLMFI_GOT_BULK_WHY, /* a batch: its id, its state, its files */
    LLMFI_GOT_BULK_TOTAL, LLMFI_GOT_BULK_WAITS, LLMFI_GOT_BULK_DONE, LLMFI_GOT_BULK_FAILED,
    LLMFI_GOT_RESULT_KEY, LLMFI_GOT_RESULT, LLMFI_GOT_RESULT_ERROR, LLMFI_GOT_RESULT_END
};

/* A step of llmf_start_job: no value of llmf_request.op. */
enum { LLMF_OP_BATCH = LLMF_OP_LIST_MODELS + 1 };

struct llmfi_batches;
struct llmfi_bulk;

/* The state of such a call, beside its reply; in the heap. */
typedef struct llmfi_job {
    const llmfi_operation *op;
    const llmfi_op_row *host;                /* NULL: the table says nothing */
    const llmf_input *input;                 /* checked and copied */
    bool get;                                /* asked for by GET, without a body */
    llmfi_sieve sieve;
    llmf_output output;
    bool seen;                               /* what the reply must have has come */
    bool no_more;                            /* of a list: it said that there is no other page */
    int64_t else_tokens;                     /* of LLMFI_GOT_INPUT_ELSE */
    llmf_str names[3];                       /* of the entry at hand */
    llmf_segment segment;                    /* likewise */
    llmfi_buf list;                          /* llmf_str of a list of models, llmf_segment of a transcript */
#if LLMF_HAS_EMBED
    llmfi_vectors vectors;
    size_t most;                             /* texts in one request */
    bool split;                              /* there are more: several calls do it */
    struct llmfi_batches *batches;           /* of such a call; NULL */
    void *parent;                            /* the call that this one is a part of; NULL */
#endif
#if LLMF_HAS_TRANSCRIBE
    char boundary[LLMFI_BOUNDARY];
    llmfi_form_file file;
#endif
#if LLMF_HAS_JOBS
    struct llmfi_bulk *bulk;                 /* a step of a provider's own batch: see bulk.h; NULL */
#endif
} llmfi_job;

LLMFI_UNUSED static void llmfi_job_init(llmfi_job *w, llmfi_heap *heap, const llmfi_operation *op, size_t max_token) {
    memset(w, 0, sizeof *w);
    w->op = op;
    w->get = op->get;
    w->else_tokens = LLMF_UNKNOWN;
    w->output.tokens = LLMF_UNKNOWN;
    w->output.duration = -1;
    w->output.language = w->output.next_page = llmfi_str("", 0);
    llmfi_buf_init(&w->list, heap, 0);
    llmfi_sieve_init(&w->sieve, heap, op->rows, op->row_count, max_token);
}

/* The decoder's part; the results stay. */
LLMFI_UNUSED static void llmfi_job_release(llmfi_job *w) {
    llmfi_sieve_free(&w->sieve);
#if LLMF_HAS_EMBED
    llmfi_buf_free(&w->vectors.places);
#endif
}

LLMFI_UNUSED static void llmfi_job_free(llmfi_job *w) {
    llmfi_job_release(w);
    llmfi_buf_free(&w->list);
#if LLMF_HAS_EMBED
    llmfi_vectors_free(&w->vectors);
#endif
}

/* ---- what a host does differently ---- */

/* What a letter says stands in models.def. */
LLMFI_UNUSED static bool llmfi_op_trait(const llmfi_ask *a, char trait) {
    return a->job->host && llmfi_strchr(a->job->host->traits, trait) != NULL;
}

/* The page that is asked for, as a member of the path's query. */
LLMFI_UNUSED static void llmfi_op_page(const llmfi_ask *a, llmfi_out *out, const char *name) {
    llmf_str page = llmfi_cstr(a->job->input->page);
    if (!page.len) return;
    llmfi_put_str(out, llmfi_cstr(name));
    llmfi_put_url(out, page);
}

#if LLMF_HAS_EMBED
/* ---- bodies that hold the texts as one list ---- */

typedef struct llmfi_embed_form {
    const char *list;                        /* its name */
    void (*head)(const llmfi_ask *a, llmfi_jw *w), (*tail)(const llmfi_ask *a, llmfi_jw *w); /* members before it, behind it; NULL: none */
} llmfi_embed_form;

/* Steps: the beginning; a text each; the end. */
LLMFI_UNUSED static bool llmfi_embed_steps(const llmfi_ask *a, unsigned step, llmfi_jw *w, const llmfi_embed_form *form) {
    const llmf_input *in = a->job->input;
    bool own = !llmfi_extra(a, llmfi_cstr(form->list));
    if (step == 0) {
        llmfi_jw_object(w);
        if (form->head) form->head(a, w);
        if (own) llmfi_jw_key_str(w, llmfi_cstr(form->list));
        if (own) llmfi_jw_array(w);
    } else if (step <= in->text_count) {
        if (own) llmfi_jw_str(w, in->texts[step - 1]);
    } else {
        if (own) llmfi_jw_array_end(w);
        if (form->tail) form->tail(a, w);
        llmfi_extra_write(a, w);
        llmfi_jw_object_end(w);
        return false;
    }
    return true;
}

/* The provider's word for a purpose of llmf_input, from a list in the order document, query, classification, clustering, similarity; "": it has none. */
LLMFI_UNUSED static llmf_str llmfi_embed_purpose(const llmfi_ask *a, const char *words) {
    int at = llmfi_word_in("document\0query\0classification\0clustering\0similarity\0", llmfi_cstr(a->job->input->purpose));
    return llmfi_cstr(at < 0 ? "" : llmfi_word_at(words, at));
}
#endif

/* No body: of what is asked for by GET. */
LLMFI_UNUSED static bool llmfi_no_body(const llmfi_ask *a, unsigned step, llmfi_jw *w) {
    (void)a, (void)step;
    llmfi_jw_value(w); /* for the writer there is one */
    return false;
}

LLMFI_UNUSED static void llmfi_no_frame(llmfi_reply *r, llmf_str event, llmf_str data) {
    (void)r, (void)event, (void)data;
}

/* The table's path for this host, else `path`. */
LLMFI_UNUSED static void llmfi_op_path(const llmfi_ask *a, llmfi_out *out, const char *path) {
    llmfi_put_str(out, llmfi_cstr(a->job->host && a->job->host->url[0] == '/' ? a->job->host->url : path));
}

/* Of a body that is a form. */
LLMFI_UNUSED static void llmfi_form_header(const char *boundary, llmfi_header_fn header, void *user) {
    char type[32 + LLMFI_BOUNDARY];
    llmfi_text t = llmfi_text_in(type, sizeof type);
    llmfi_say_c(&t, "multipart/form-data; boundary=");
    llmfi_say_c(&t, boundary);
    header(user, LLMFI_LIT("Content-Type"), llmfi_str(type, t.len));
}

/* ---- what comes ---- */

#if LLMF_HAS_JOBS
static void llmfi_bulk_value(llmfi_job *w, llmfi_reply *r, const llmfi_json *j, int id);
static void llmfi_bulk_raw(llmfi_job *w, llmfi_reply *r, llmf_str raw, int id);
static void llmfi_bulk_over(llmfi_job *w);
#endif

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

#include "bulk.h" /* what is declared above */

#endif
