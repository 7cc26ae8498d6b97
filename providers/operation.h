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

#endif
