/* A provider's own batches: requests that it answers within a day, for less. As they are asked for (OpenAI API reference: files, batches; Groq: batches; Anthropic:
   message batches; Gemini: batchGenerateContent, batches; Mistral: batch jobs): each step is one request of the operation LLMF_OP_BATCH. How the requests are put
   together stands in a form of texts; what comes is read by paths, or line by line. */
#ifndef LLMFI_PROVIDERS_BULK_H
#define LLMFI_PROVIDERS_BULK_H
#include "operation.h"

#if LLMF_HAS_JOBS

/* The steps. UPLOAD: of the file that CREATE names, where the form is one of lines. RESULTS: where they do not come with the STATE. */
enum { LLMFI_BULK_UPLOAD, LLMFI_BULK_CREATE, LLMFI_BULK_STATE, LLMFI_BULK_RESULTS, LLMFI_BULK_CANCEL };
enum { LLMFI_BULK_NAME = 256, LLMFI_BULK_PIECE = 16384 };

/* How one provider has it. Where a text is NULL it has none. */
typedef struct llmfi_bulk_form {
    const char *endpoint;                    /* what the requests are asked of, where that is said */
    const char *head, *model, *tail;         /* around all requests; `model`: behind the head and the model's name, where that is said */
    const char *before, *behind, *end, *between; /* around one: its number goes between `before` and `behind`, its body between `behind` and `end` */
    const char *place, *cancel;              /* of the batches, and behind the id of one, that is to be cancelled */
    const char *results, *file;              /* behind the id of a batch; else behind `file` and the id of a file, "/content" */
    bool wrapped;                            /* a result's `response` has a status and a body */
} llmfi_bulk_form;

/* What is sent, held in pieces until it is. */
typedef struct llmfi_bulk_piece {
    struct llmfi_bulk_piece *next;
    size_t len;
    char bytes[LLMFI_BULK_PIECE];
} llmfi_bulk_piece;

/* One result: what the provider would have replied, or why it did not. */
typedef struct llmfi_bulk_result {
    llmf_str key;                            /* the request's number, as it was sent */
    int status;                              /* 0: none */
    llmf_str body;                           /* with status 0: an error's object, or empty */
    llmf_str kind;                           /* what the protocol calls that error besides; empty */
    int code;                                /* llmf_result where it was not asked at all; LLMF_OK */
} llmfi_bulk_result;

/* A batch that is submitted, looked at, collected or cancelled: of all steps. */
struct llmfi_bulk {
    const llmfi_bulk_form *form;
    llmfi_heap *heap;
    int step;
    bool collects;                           /* results are wanted */
    bool cut;                                /* the last line of the results is no JSON: the reply was cut */
    llmfi_bulk_piece *first, *last;
    const llmfi_bulk_piece *at;              /* the piece `at_step`: the one that was written last */
    unsigned at_step;
    char boundary[LLMFI_BOUNDARY];
    char id[LLMFI_BULK_NAME], input[LLMFI_BULK_NAME], files[2][LLMFI_BULK_NAME], word[64]; /* files: of results, of errors; "": none */
    int64_t total, done, failed, parts;      /* parts: of the total, where that is not said itself */
    char why[256];                           /* of one that has failed */
    char key[64];                            /* of the result at hand, and its members as they came */
    llmfi_buf response, error;
    const llmfi_sieve_row *from;             /* where results stand in the reply; NULL: none have come */
    void (*take)(void *user, const llmfi_bulk_result *result);
    void *user;
};

/* ---- forms ---- */

#define LLMFI_BULK_LINES(url) \
    { url, NULL, NULL, NULL, "{\"custom_id\":\"", "\",\"method\":\"POST\",\"url\":\"" url "\",\"body\":", "}\n", "", "/batches", "/cancel", NULL, "/files/", true }

#if LLMF_HAS_DIALECT_OPENAI
static const llmfi_bulk_form llmfi_bulk_openai = LLMFI_BULK_LINES("/v1/chat/completions");
/* Mistral's: the requests go with it, and the model is the job's. */
static const llmfi_bulk_form llmfi_bulk_jobs = { NULL, "{\"endpoint\":\"/v1/chat/completions\",\"model\":", ",\"requests\":[", "]}",
    "{\"custom_id\":\"", "\",\"body\":", "}", ",", "/batch/jobs", "/cancel", NULL, "/files/", true };
#endif
#if LLMF_HAS_DIALECT_OPENAI_RESPONSES
static const llmfi_bulk_form llmfi_bulk_responses = LLMFI_BULK_LINES("/v1/responses");
#endif
#if LLMF_HAS_DIALECT_ANTHROPIC
static const llmfi_bulk_form llmfi_bulk_anthropic = { NULL, "{\"requests\":[", NULL, "]}",
    "{\"custom_id\":\"", "\",\"params\":", "}", ",", "/messages/batches", "/cancel", "/results", NULL, false };
#endif
#if LLMF_HAS_DIALECT_GEMINI
static const llmfi_bulk_form llmfi_bulk_gemini = { NULL, "{\"batch\":{\"displayName\":\"llmfactory\",\"inputConfig\":{\"requests\":{\"requests\":[", NULL, "]}}}}",
    "{\"metadata\":{\"key\":\"", "\"},\"request\":", "}", ",", "", ":cancel", NULL, NULL, false };
#endif

/* The form of an operation at a host. */
LLMFI_UNUSED static const llmfi_bulk_form *llmfi_bulk_form_of(const llmfi_operation *o, const llmfi_op_row *host) {
    llmf_str dialect = llmfi_cstr(o->dialect);
#if LLMF_HAS_DIALECT_ANTHROPIC
    if (LLMFI_IS(dialect, "anthropic")) return &llmfi_bulk_anthropic;
#endif
#if LLMF_HAS_DIALECT_GEMINI
    if (LLMFI_IS(dialect, "gemini")) return &llmfi_bulk_gemini;
#endif
#if LLMF_HAS_DIALECT_OPENAI_RESPONSES
    if (LLMFI_IS(dialect, "openai_responses")) return &llmfi_bulk_responses;
#endif
#if LLMF_HAS_DIALECT_OPENAI
    if (LLMFI_IS(dialect, "openai")) return host && llmfi_strchr(host->traits, 'J') ? &llmfi_bulk_jobs : &llmfi_bulk_openai;
#endif
    (void)dialect, (void)host;
    return NULL;
}

/* ---- what is sent ---- */

LLMFI_UNUSED static void llmfi_bulk_forget(struct llmfi_bulk *b) {
    while (b->first) {
        llmfi_bulk_piece *next = b->first->next;
        llmfi_heap_free(b->heap, b->first);
        b->first = next;
    }
    b->last = NULL;
    b->at = NULL;
}

LLMFI_UNUSED static void llmfi_bulk_free(struct llmfi_bulk *b) {
    llmfi_bulk_forget(b);
    llmfi_buf_free(&b->response);
    llmfi_buf_free(&b->error);
}

/* False: there is no memory for more. */
static bool llmfi_bulk_add(struct llmfi_bulk *b, const char *bytes, size_t len) {
    while (len) {
        llmfi_bulk_piece *p = b->last;
        size_t n;
        if (!p || p->len == sizeof p->bytes) {
            p = (llmfi_bulk_piece *)llmfi_heap_alloc(b->heap, sizeof *p);
            if (!p) return false;
            p->next = NULL;
            p->len = 0;
            if (b->last) b->last->next = p;
            else b->first = p;
            b->last = p;
        }
        n = sizeof p->bytes - p->len < len ? sizeof p->bytes - p->len : len;
        memcpy(p->bytes + p->len, bytes, n);
        p->len += n;
        bytes += n;
        len -= n;
    }
    return true;
}

/* Text goes into the pieces as it is written; `cut` says that there was no memory. */
static void llmfi_bulk_tap(void *user, const char *bytes, size_t len) {
    struct llmfi_bulk *b = (struct llmfi_bulk *)user;
    if (!b->cut && !llmfi_bulk_add(b, bytes, len)) b->cut = true;
}

LLMFI_UNUSED static llmfi_out llmfi_bulk_out(struct llmfi_bulk *b) {
    llmfi_out o;
    llmfi_out_count(&o);
    o.tap = llmfi_bulk_tap;
    o.tap_user = b;
    return o;
}

LLMFI_UNUSED static void llmfi_bulk_begin(const struct llmfi_bulk *b, llmf_str model, llmfi_out *o) {
    const llmfi_bulk_form *form = b->form;
    llmfi_jw w;
    if (!form->head) { /* a file of a form */
        llmfi_form_field(o, b->boundary, LLMFI_LIT("purpose"), LLMFI_LIT("batch"));
        llmfi_form_part(o, b->boundary, LLMFI_LIT("file"));
        LLMFI_PUT(o, "; filename=\"batch.jsonl\"\r\nContent-Type: application/jsonl\r\n\r\n");
        return;
    }
    llmfi_put_str(o, llmfi_cstr(form->head));
    if (!form->model) return;
    llmfi_jw_init(&w, o);
    llmfi_jw_str(&w, model);
    llmfi_put_str(o, llmfi_cstr(form->model));
}

LLMFI_UNUSED static void llmfi_bulk_end(const struct llmfi_bulk *b, llmfi_out *o) {
    if (b->form->tail) {
        llmfi_put_str(o, llmfi_cstr(b->form->tail));
        return;
    }
    LLMFI_PUT(o, "\r\n");
    llmfi_form_end(o, b->boundary);
}

/* One request: what stands before its body. */
LLMFI_UNUSED static void llmfi_bulk_item(const struct llmfi_bulk *b, uint64_t number, bool first, llmfi_out *o) {
    char text[LLMFI_INT_TEXT];
    if (!first) llmfi_put_str(o, llmfi_cstr(b->form->between));
    llmfi_put_str(o, llmfi_cstr(b->form->before));
    llmfi_put(o, text, llmfi_print_int(text, (int64_t)number));
    llmfi_put_str(o, llmfi_cstr(b->form->behind));
}

/* A piece each step; where there is none, what names the file, or nothing. */
LLMFI_UNUSED static bool llmfi_bulk_body(const llmfi_ask *a, unsigned step, llmfi_jw *w) {
    struct llmfi_bulk *b = a->job->bulk;
    if (!b->first && b->step == LLMFI_BULK_CREATE) {
        llmfi_jw_object(w);
        llmfi_jw_member_cstr(w, "input_file_id", b->input);
        llmfi_jw_member_cstr(w, "endpoint", b->form->endpoint);
        llmfi_jw_member_lit(w, "completion_window", "24h");
        llmfi_jw_object_end(w);
        return false;
    }
    if (step == 0) llmfi_jw_value(w); /* for the writer there is one */
    if (!b->first) return false;
    if (!b->at || step < b->at_step) {
        b->at = b->first;
        b->at_step = 0;
    }
    for (; b->at_step < step; b->at_step++) b->at = b->at->next;
    llmfi_put(w->out, b->at->bytes, b->at->len);
    return b->at->next != NULL;
}

LLMFI_UNUSED static void llmfi_bulk_path(const llmfi_ask *a, llmfi_out *o) {
    const struct llmfi_bulk *b = a->job->bulk;
    if (b->step == LLMFI_BULK_UPLOAD) {
        LLMFI_PUT(o, "/files");
        return;
    }
    if (b->step == LLMFI_BULK_RESULTS && b->form->file) {
        llmfi_put_str(o, llmfi_cstr(b->form->file));
        llmfi_put_str(o, llmfi_cstr(b->files[0]));
        LLMFI_PUT(o, "/content");
        return;
    }
    llmfi_put_str(o, llmfi_cstr(b->form->place));
    if (b->step == LLMFI_BULK_CREATE) return;
    LLMFI_PUT(o, "/");
    llmfi_put_str(o, llmfi_cstr(b->id));
    if (b->step == LLMFI_BULK_CANCEL) llmfi_put_str(o, llmfi_cstr(b->form->cancel));
    if (b->step == LLMFI_BULK_RESULTS) llmfi_put_str(o, llmfi_cstr(b->form->results));
}

LLMFI_UNUSED static void llmfi_bulk_headers(const llmfi_ask *a, llmfi_header_fn header, void *user) {
    if (a->job->bulk->step == LLMFI_BULK_UPLOAD) llmfi_form_header(a->job->bulk->boundary, header, user);
}

/* ---- what comes: of the batch ---- */

/* An id goes into paths: what is no plain one is not taken. */
LLMFI_UNUSED static bool llmfi_bulk_id_ok(llmf_str id) {
    size_t i;
    if (!id.len || id.len >= LLMFI_BULK_NAME || llmfi_find_nocase(id, LLMFI_LIT("..")) != LLMFI_NOWHERE || id.ptr[0] == '/') return false;
    for (i = 0; i < id.len; i++)
        if (!llmfi_char_is(id.ptr[i], LLMFI_CHAR_UNRESERVED) && id.ptr[i] != '/' && id.ptr[i] != ':') return false;
    return true;
}

static void llmfi_bulk_id_take(llmfi_reply *r, const llmfi_json *j, char *to) {
    llmf_str id = llmfi_reply_string(r, j);
    if (j->token != LLMFI_J_STRING || !id.len) return;
    if (!llmfi_bulk_id_ok(id)) {
        llmfi_frame_foreign(r, "a batch with an id that may stand in a path");
        return;
    }
    memcpy(to, id.ptr, id.len);
    to[id.len] = '\0';
}

static void llmfi_bulk_text_take(llmfi_reply *r, const llmfi_json *j, char *to, size_t cap) {
    llmfi_text t = llmfi_text_in(to, cap);
    if (j->token != LLMFI_J_STRING) return;
    llmfi_say(&t, llmfi_utf8_cut(llmfi_reply_string(r, j), cap - 1));
    to[llmfi_fault_clean(r, to, t.len)] = '\0'; /* it may come to stand in an error */
}

/* A count; Gemini writes them as strings. */
static int64_t llmfi_bulk_count(const llmfi_json *j) {
    int64_t n;
    if (j->token != LLMFI_J_NUMBER && j->token != LLMFI_J_STRING) return LLMF_UNKNOWN;
    return llmfi_parse_spelt(j->text, &n) && n >= 0 ? n : LLMF_UNKNOWN;
}

LLMFI_UNUSED static void llmfi_bulk_value(llmfi_job *w, llmfi_reply *r, const llmfi_json *j, int id) {
    struct llmfi_bulk *b = w->bulk;
    int64_t n = llmfi_bulk_count(j);
    switch (id) {
    case LLMFI_GOT_BULK: /* that of a batch is taken once: later replies cannot make it another */
        if (b->step != LLMFI_BULK_UPLOAD && b->step != LLMFI_BULK_CREATE) break;
        llmfi_bulk_id_take(r, j, b->step == LLMFI_BULK_UPLOAD ? b->input : b->id);
        w->seen = j->token == LLMFI_J_STRING && j->text.len;
        break;
    case LLMFI_GOT_BULK_WORD:
        llmfi_bulk_text_take(r, j, b->word, sizeof b->word);
        if (b->step == LLMFI_BULK_STATE) w->seen = b->word[0] != '\0';
        break;
    case LLMFI_GOT_BULK_OUTPUT: llmfi_bulk_id_take(r, j, b->files[0]); break;
    case LLMFI_GOT_BULK_ERRORS: llmfi_bulk_id_take(r, j, b->files[1]); break;
    case LLMFI_GOT_BULK_WHY:
        if (!b->why[0]) llmfi_bulk_text_take(r, j, b->why, sizeof b->why);
        break;
    case LLMFI_GOT_BULK_TOTAL: b->total = n; break;
    case LLMFI_GOT_BULK_WAITS: b->parts = llmfi_reply_sum(b->parts, n); break;
    case LLMFI_GOT_BULK_DONE:
        b->done = n;
        b->parts = llmfi_reply_sum(b->parts, n);
        break;
    case LLMFI_GOT_BULK_FAILED:
        b->failed = llmfi_reply_sum(b->failed, n);
        b->parts = llmfi_reply_sum(b->parts, n);
        break;
    case LLMFI_GOT_RESULT_KEY: llmfi_bulk_text_take(r, j, b->key, sizeof b->key); break;
    default: return;
    }
}

/* ---- what comes: results ---- */

typedef struct llmfi_bulk_answer {
    llmfi_value status_code, body;
} llmfi_bulk_answer;

static const llmfi_value_row llmfi_bulk_answer_members[] = { LLMFI_VALUE(llmfi_bulk_answer, status_code), LLMFI_VALUE(llmfi_bulk_answer, body) };

/* Anthropic's `result`. */
typedef struct llmfi_bulk_outcome {
    llmfi_value type, message, error;
} llmfi_bulk_outcome;

static const llmfi_value_row llmfi_bulk_outcome_members[] = {
    LLMFI_VALUE(llmfi_bulk_outcome, type), LLMFI_VALUE(llmfi_bulk_outcome, message), LLMFI_VALUE(llmfi_bulk_outcome, error)
};

typedef struct llmfi_bulk_fault {
    llmfi_value code;
} llmfi_bulk_fault;

static const llmfi_value_row llmfi_bulk_fault_members[] = { LLMFI_VALUE(llmfi_bulk_fault, code) };

/* One that was not asked: the batch had expired, or was cancelled; LLMF_OK: it is an error of another kind. */
static int llmfi_bulk_unasked(llmf_str word) {
    if (LLMFI_IS(word, "batch_expired") || LLMFI_IS(word, "expired")) return LLMF_ERR_TIMEOUT;
    return LLMFI_IS(word, "batch_cancelled") || LLMFI_IS(word, "canceled") ? LLMF_ERR_CANCELLED : LLMF_OK;
}

/* The word for a number of google.rpc.Code (google/rpc/code.proto), which Gemini's errors have in a batch. */
static llmf_str llmfi_bulk_kind(const struct llmfi_bulk *b, int64_t code) {
    static const char words[] = "OK\0CANCELLED\0UNKNOWN\0INVALID_ARGUMENT\0DEADLINE_EXCEEDED\0NOT_FOUND\0ALREADY_EXISTS\0PERMISSION_DENIED\0RESOURCE_EXHAUSTED\0"
                                "FAILED_PRECONDITION\0ABORTED\0OUT_OF_RANGE\0UNIMPLEMENTED\0INTERNAL\0UNAVAILABLE\0DATA_LOSS\0UNAUTHENTICATED\0";
    return llmfi_cstr(b->form->wrapped || code < 0 || code > 16 ? "" : llmfi_word_at(words, (int)code));
}

/* What is no HTTP status is none. */
static int llmfi_bulk_status(int64_t status) {
    return status >= 100 && status < 600 ? (int)status : 0;
}

/* What the members of a result say; those that are not there are empty. */
static llmfi_bulk_result llmfi_bulk_read(const struct llmfi_bulk *b, llmf_str key, const llmfi_value *response, const llmfi_value *error, const llmfi_value *result) {
    llmfi_bulk_result to;
    llmfi_bulk_outcome outcome;
    llmfi_bulk_answer answer;
    llmfi_bulk_fault fault;
    memset(&to, 0, sizeof to);
    to.key = key;
    to.body = error->token == LLMFI_J_OBJECT ? error->text : llmfi_str("", 0);
    if (llmfi_value_members(result, llmfi_bulk_outcome_members, LLMFI_COUNT(llmfi_bulk_outcome_members), &outcome, sizeof outcome)) {
        to.status = LLMFI_IS(outcome.type.text, "succeeded") ? 200 : 0;
        to.body = to.status ? outcome.message.text : outcome.error.token == LLMFI_J_OBJECT ? outcome.error.text : llmfi_str("", 0);
        to.code = llmfi_bulk_unasked(outcome.type.text);
    } else if (response->token == LLMFI_J_OBJECT && b->form->wrapped) {
        llmfi_value_members(response, llmfi_bulk_answer_members, LLMFI_COUNT(llmfi_bulk_answer_members), &answer, sizeof answer);
        to.status = llmfi_bulk_status(llmfi_value_count(&answer.status_code));
        to.body = answer.body.text;
    } else if (response->token == LLMFI_J_OBJECT) {
        to.status = 200;
        to.body = response->text;
    } else if (llmfi_value_members(error, llmfi_bulk_fault_members, LLMFI_COUNT(llmfi_bulk_fault_members), &fault, sizeof fault)) {
        to.code = llmfi_bulk_unasked(fault.code.text);
        to.kind = llmfi_bulk_kind(b, llmfi_value_count(&fault.code));
    }
    return to;
}

typedef struct llmfi_bulk_line {
    llmfi_value custom_id, response, error, result;
} llmfi_bulk_line;

static const llmfi_value_row llmfi_bulk_line_members[] = {
    LLMFI_VALUE(llmfi_bulk_line, custom_id), LLMFI_VALUE(llmfi_bulk_line, response), LLMFI_VALUE(llmfi_bulk_line, error), LLMFI_VALUE(llmfi_bulk_line, result)
};

/* A line of the results. */
LLMFI_UNUSED static void llmfi_bulk_frame(llmfi_reply *r, llmf_str event, llmf_str data) {
    struct llmfi_bulk *b = r->job->bulk;
    llmfi_bulk_line line;
    llmfi_bulk_result result;
    llmfi_json j;
    (void)event;
    if (r->error.code) return;
    llmfi_reply_mark(r);
    memset(&line, 0, sizeof line);
    llmfi_json_init(&j, data, true);
    if (llmfi_json_enter(&j, LLMFI_J_OBJECT)) llmfi_value_read(&j, llmfi_bulk_line_members, LLMFI_COUNT(llmfi_bulk_line_members), &line);
    b->cut = !llmfi_frame_end(r, &j, data);
    if (b->cut) return;
    result = llmfi_bulk_read(b, llmfi_value_text(r, &line.custom_id), &line.response, &line.error, &line.result);
    b->take(b->user, &result);
}

/* A member of a result that came by its path, kept until the result is whole. */
LLMFI_UNUSED static void llmfi_bulk_raw(llmfi_job *w, llmfi_reply *r, llmf_str raw, int id) {
    llmfi_buf *to = id == LLMFI_GOT_RESULT ? &w->bulk->response : &w->bulk->error;
    if (!w->bulk->collects) return;
    to->len = 0;
    if (!llmfi_buf_add(to, raw.ptr, raw.len)) llmfi_reply_no_memory(r);
}

static llmfi_value llmfi_bulk_kept(const llmfi_buf *b) {
    llmfi_value v;
    memset(&v, 0, sizeof v);
    v.text = llmfi_trim(llmfi_buf_str(b));
    if (v.text.len && v.text.ptr[0] == '{') v.token = LLMFI_J_OBJECT;
    return v;
}

LLMFI_UNUSED static void llmfi_bulk_over(llmfi_job *w) {
    struct llmfi_bulk *b = w->bulk;
    llmfi_value response = llmfi_bulk_kept(&b->response), error = llmfi_bulk_kept(&b->error), none;
    llmfi_bulk_result result;
    memset(&none, 0, sizeof none);
    if (!b->from) b->from = w->sieve.row;
    if (!b->collects || b->from != w->sieve.row) return;
    result = llmfi_bulk_read(b, llmfi_cstr(b->key), &response, &error, &none);
    b->take(b->user, &result);
    b->key[0] = '\0';
    b->response.len = b->error.len = 0;
}

#endif
#endif
