/* jobs.h - work that is handed in as one and fetched later: OpenAI's files and batches, Anthropic's message batches, Gemini's batchGenerateContent, Mistral's
 * batch jobs. An item's body is answered as if it had been posted alone and without streaming, so an error that its prompt orders stands in the results.
 *
 *   looks     the first GET of a job shows it waiting, the second at work with half of its items done, the third over; with ready the first shows it over
 *   stopped   a job that was cancelled, or handed in with job-expired: the first half of its items is done, the others are not
 *   results   in reversed order where the provider promises none; Gemini's stand in the order of the requests
 *
 * The newest jobs and the newest files are kept: the oldest goes when another comes. Times are always the same. */
#ifndef LOOPBACK_JOBS_H
#define LOOPBACK_JOBS_H
#include "messages.h"
#include "operations.h"

enum { JOBS = 32, JOB_LOOKS = 3, JOB_BYTES = 64 << 20 };                 /* bytes of a job's answers; a file is bounded by the request that brings it */
enum { JOB_OPENAI, JOB_ANTHROPIC, JOB_GEMINI, JOB_MISTRAL };
enum { END_DONE, END_CANCELLED, END_EXPIRED, END_FAILED };
enum { JOB_WAITS, JOB_WORKS, JOB_STOPS, JOB_OVER };                      /* STOPS: cancelled, and not looked at since */
static const long job_made = 1790000000;                                 /* 2026-09-21 14:13:20 UTC */

typedef struct { const char *id, *meta, *body; int status; } job_item;   /* JSON texts; NULL: there is none */
typedef struct {
    arena mem;                      /* all texts of the job */
    unsigned long number;           /* from 1; 0: nothing is kept here */
    int kind, looks, ready, end;
    const char *endpoint, *model, *name, *file, *meta;
    const char *flaw, *flaw_text; long flaw_line;                        /* why OpenAI's checks refused it */
    job_item *items; long n, cap;
    size_t bytes;
} job;
typedef struct { unsigned long number; buf bytes; } job_file;
static job jobs_kept[JOBS];
static job_file files_kept[JOBS];
static unsigned long jobs_made, files_made;

static void reply_conversation(exchange *x);                             /* serve.h */

/* ---- texts ---------------------------------------------------------------------------------------------------- */
/* JSON without the space between its parts, so that it fits into a line; a body that was cut on purpose keeps its flaw */
static void put_compact(buf *o, const char *s, size_t n) {
    int in = 0;
    for (size_t i = 0; i < n; i++) {
        if (in && s[i] == '\\' && i + 1 < n) put_char(o, s[i++]);
        else if (s[i] == '"') in = !in;
        else if (!in && is_space(s[i])) continue;
        put_char(o, s[i]);
    }
}
static void put_line(buf *o, long depth) {
    put_char(o, '\n');
    for (; depth > 0; depth--) put_text(o, "  ");
}
/* compact JSON with a line for each member, as OpenAI and Google print it */
static void put_pretty(buf *o, const char *s, size_t n) {
    long depth = 0;
    int in = 0;
    for (size_t i = 0; i < n; i++) {
        char c = s[i], before = i ? s[i - 1] : ' ', next = i + 1 < n ? s[i + 1] : ' ';
        int opens = c == '[' || c == '{', closes = c == ']' || c == '}';
        if (!in && closes && before != '[' && before != '{') put_line(o, --depth);
        put_char(o, c);
        if (in && c == '\\' && i + 1 < n) { put_char(o, next); i++; }
        else if (c == '"') in = !in;
        else if (in) continue;
        else if (opens && next != ']' && next != '}') put_line(o, ++depth);
        else if (c == ',') put_line(o, depth);
        else if (c == ':') put_char(o, ' ');
    }
}
static void put_quoted(buf *o, const char *s) { if (s) put_json(o, s, strlen(s)); else put_text(o, "null"); }
static void put_time(buf *o, const char *name, int there, long after) {
    if (there) say(o, ",%q:%d", name, job_made + after); else say(o, ",%q:null", name);
}
static const char *or_null(const char *s) { return s ? s : "null"; }
static const char *job_raw(job *j, const json *v) { return is_null(v) ? NULL : take_text(&j->mem, v->raw, v->nraw); }
static const char *job_copy(job *j, const char *s) { return take_text(&j->mem, s, strlen(s)); }

/* ---- what is kept --------------------------------------------------------------------------------------------- */
static void job_free(job *j) { arena_free(&j->mem); free(j->items); memset(j, 0, sizeof *j); }

static job *job_keep(job *j) {                                           /* the job moves into its place */
    job *at = &jobs_kept[++jobs_made % JOBS];
    job_free(at);
    *at = *j;
    at->number = jobs_made;
    return at;
}
static void job_id(const job *j, char out[64]) {
    switch (j->kind) {
    case JOB_OPENAI: snprintf(out, 64, "batch_loopback%lu", j->number); break;
    case JOB_ANTHROPIC: snprintf(out, 64, "msgbatch_loopback%lu", j->number); break;
    case JOB_GEMINI: snprintf(out, 64, "loopback%lu", j->number); break;
    default: snprintf(out, 64, "10b5e5a7-0000-4000-8000-%012lu", j->number);
    }
}
/* the file of those that succeeded, or of those that did not */
static void job_file_id(const job *j, int good, char out[64]) {
    if (j->kind == JOB_MISTRAL) snprintf(out, 64, "10b5e5a7-0000-4000-%s-%012lu", good ? "9000" : "a000", j->number);
    else snprintf(out, 64, "file-%s-loopback%lu", good ? "output" : "errors", j->number);
}
/* the segment behind `before`, without a method */
static const char *path_id(exchange *x, const char *before) {
    const char *s = strstr(x->path, before);
    s = s ? s + strlen(before) : "";
    return take_text(&x->mem, s, strcspn(s, "/:"));
}
static job *job_find(exchange *x, int kind, const char *before) {        /* NULL: an error was written */
    const char *asked = path_id(x, before);
    char id[64];
    for (int i = 0; i < JOBS; i++) {
        if (!jobs_kept[i].number || jobs_kept[i].kind != kind) continue;
        job_id(&jobs_kept[i], id);
        if (!strcmp(id, asked)) return &jobs_kept[i];
    }
    fail(x, 404, NULL, NULL, kind == JOB_OPENAI ? "No batch found with id '%s'." : kind == JOB_ANTHROPIC ? "Message batch %s not found." : kind == JOB_GEMINI ? "Requested entity was not found: batches/%s"
        : "Batch job %s not found", asked);
    return NULL;
}

/* ---- how far it is -------------------------------------------------------------------------------------------- */
static int job_state(const job *j) { return j->looks >= JOB_LOOKS ? JOB_OVER : j->end == END_CANCELLED ? JOB_STOPS : j->looks == 2 ? JOB_WORKS : JOB_WAITS; }

static void job_look(exchange *x, job *j) {
    if (j->looks < JOB_LOOKS) j->looks++;
    if (j->ready || x->b.ready || j->end == END_CANCELLED || (j->flaw && j->looks > 1)) j->looks = JOB_LOOKS; /* what is refused does not start */
}
static long job_done(const job *j) {                                     /* items with an answer, from the first one */
    int state = job_state(j);
    return state == JOB_WAITS || j->end == END_FAILED ? 0 : state == JOB_OVER && j->end == END_DONE ? j->n : j->n / 2;
}
static int is_good(const job *j, long i) { return i < job_done(j) && j->items[i].status < 300; }

static long job_good(const job *j) {
    long k = 0;
    for (long i = 0; i < j->n; i++) k += is_good(j, i);
    return k;
}

/* ---- handing in ----------------------------------------------------------------------------------------------- */
typedef struct {                    /* where an item's body goes */
    const dialect *how;
    void (*page)(exchange *);       /* NULL: a conversation */
    const char *path;
} job_target;
typedef struct { const json *id, *meta, *body; const char *text; size_t n; } job_input;    /* text: goes in place of the body; NULL: the body as it came */

static void job_begin(exchange *x, job *j, int kind) {
    memset(j, 0, sizeof *j);
    j->kind = kind;
    j->ready = x->b.ready;
    j->end = x->b.job_failed && kind != JOB_ANTHROPIC ? END_FAILED : x->b.job_expired ? END_EXPIRED : END_DONE;
}
static void job_answer(const exchange *x, const job *j, const job_target *to, const job_input *in, exchange *y) {
    memset(y, 0, sizeof *y);
    y->req = x->req;
    y->req.body = in->text ? in->text : in->body->raw;
    y->req.nbody = in->text ? in->n : in->body->nraw;
    y->reply.loop_from = -1;
    y->b = x->b;                                                         /* what the path of the whole orders holds for each */
    y->how = to->how;
    y->number = x->number * 100000 + (unsigned long)j->n + 1;
    y->req.target = to->path;
    snprintf(y->path, sizeof y->path, "%s", to->path);
    if (is_true(json_get(in->body, "stream"))) fail(y, 400, "stream", NULL, "stream: streaming is not supported in a batch.");
    else if (to->page) to->page(y);
    else reply_conversation(y);
}
/* one more item, answered; 0: the job is too large, and an error was written */
static int job_add(exchange *x, job *j, const job_target *to, const job_input *in) {
    exchange y;
    buf text = { 0 };
    job_answer(x, j, to, in, &y);
    if (j->n == j->cap) { j->cap = j->cap ? j->cap * 2 : 16; j->items = (job_item *)grab(j->items, (size_t)j->cap * sizeof *j->items); }
    job_item *i = &j->items[j->n++];
    if (y.reply.body.n && strstr(y.reply.type, "json")) put_compact(&text, y.reply.body.p, y.reply.body.n);
    else put_json(&text, y.reply.body.p, y.reply.body.n);                /* a page of HTML stands as a text */
    i->status = y.reply.status;
    i->body = take_text(&j->mem, text.p, text.n);
    i->id = job_raw(j, in->id);
    i->meta = job_raw(j, in->meta);
    j->bytes += text.n;
    buf_free(&text);
    exchange_free(&y);
    return j->bytes <= JOB_BYTES || fail(x, 413, NULL, NULL, "the answers of this batch are larger than this test server keeps");
}
/* an object with another model, or with none */
static void put_with_model(buf *o, const json *body, const char *model) {
    int some = 0;
    put_char(o, '{');
    if (model) { say(o, "\"model\":%q", model); some = 1; }
    for (const json *m = body->first; m; m = m->next)
        if (m->nkey != 5 || memcmp(m->key, "model", 5)) say(o, "%s%j:%v", some++ ? "," : "", m->key, m->nkey, m->raw, m->nraw);
    put_char(o, '}');
}
static int by_text(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

static const char *job_twice(job *j) {                                   /* an id that two items have; NULL: none */
    const char **ids = (const char **)take(&j->mem, ((size_t)j->n + 1) * sizeof *ids);
    for (long i = 0; i < j->n; i++) ids[i] = j->items[i].id;
    qsort(ids, (size_t)j->n, sizeof *ids, by_text);
    for (long i = 1; i < j->n; i++) if (!strcmp(ids[i - 1], ids[i])) return ids[i];
    return NULL;
}
/* members of an item; 0: one is not known, and an error was written */
static int job_members(exchange *x, const json *item, const char *const *known, long i) {
    if (!is_kind(item, J_OBJECT)) return fail(x, 400, NULL, NULL, "requests.%d: an object is expected", i);
    for (const json *m = item->first; m; m = m->next) if (!is_known(known, m->key, m->nkey)) return fail(x, 400, NULL, NULL, "requests.%d.%v: Extra inputs are not permitted", i, m->key, m->nkey);
    return 1;
}

/* ---- OpenAI: files -------------------------------------------------------------------------------------------- */
/* a line of JSONL from *at on, without its end; NULL: there is none */
static const char *next_line(const char *s, size_t n, size_t *at, size_t *length) {
    const char *line = s + *at, *e = *at < n ? (const char *)memchr(line, '\n', n - *at) : NULL;
    if (*at >= n) return NULL;
    *length = e ? (size_t)(e - line) : n - *at;
    *at += *length + (e != NULL);
    return line;
}
static int is_jsonl(exchange *x, const char *s, size_t n) {
    const char *line, *why = NULL;
    size_t at = 0, k, where;
    if (!n) return fail(x, 400, "file", NULL, "Invalid file: it is empty.");
    for (long number = 1; (line = next_line(s, n, &at, &k)); number++) {
        arena a = { NULL };
        int good = is_kind(json_parse(&a, line, k, &why, &where), J_OBJECT);
        arena_free(&a);
        if (!good) return fail(x, 400, "file", "invalid_jsonl", "Expected file to have JSONL format with valid JSON objects. Line %d: %s.", number, why ? why : "it is no object");
    }
    return 1;
}
/* OpenAI API reference, files/create; only what a batch reads */
static void openai_upload(exchange *x) {
    static const char *const known[] = { "purpose", "file", "expires_after[anchor]", "expires_after[seconds]", NULL };
    form_part p[FORM_PARTS];
    int n = read_form(x, p), file = -1;
    const char *purpose, *dot;
    if (n < 0) { fail(x, 400, NULL, NULL, "the body is not a form (multipart/form-data)"); return; }
    for (int i = 0; i < n; i++) {
        if (!is_known(known, p[i].name, strlen(p[i].name))) { fail(x, 400, NULL, "unknown_parameter", "Unknown parameter: '%s'.", p[i].name); return; }
        if (!strcmp(p[i].name, "file")) file = i;
    }
    purpose = form_value(x, p, n, "purpose");
    if (!purpose || strcmp(purpose, "batch")) { fail(x, 400, "purpose", NULL, "'%s' is not one of ['batch'] - 'purpose'", purpose ? purpose : ""); return; }
    dot = file < 0 || !p[file].filename ? NULL : strrchr(p[file].filename, '.');
    if (!dot || strcmp(dot, ".jsonl")) { fail(x, 400, "file", NULL, "Invalid file format for Batch API. Must be .jsonl"); return; }
    if (!is_jsonl(x, p[file].value, p[file].n)) return;
    job_file *f = &files_kept[++files_made % JOBS];
    f->number = files_made;
    buf_free(&f->bytes);
    put(&f->bytes, p[file].value, p[file].n);
    start_reply(x, 200, "application/json");
    chat_headers(x);
    say(&x->reply.body, "{\n  \"id\": \"file-%d\",\n  \"object\": \"file\",\n  \"bytes\": %d,\n  \"created_at\": %d,\n  \"filename\": %q,\n  \"purpose\": \"batch\"\n}\n",
        (long)f->number, (long)f->bytes.n, job_made, p[file].filename);
}
static job_file *file_find(const char *asked) {
    char id[64];
    for (int i = 0; i < JOBS; i++) {
        snprintf(id, sizeof id, "file-%lu", files_kept[i].number);
        if (files_kept[i].number && !strcmp(id, asked)) return &files_kept[i];
    }
    return NULL;
}
/* a line of the output file or the error file, with the spaces that OpenAI and Mistral print */
static void put_result(buf *o, const job *j, long i) {
    const job_item *t = &j->items[i];
    int expired = j->end == END_EXPIRED;
    say(o, "{\"id\": \"batch_req_loopback%d_%d\", \"custom_id\": %s, ", (long)j->number, i, t->id);
    if (i >= job_done(j)) say(o, "\"response\": null, \"error\": {\"code\": %q, \"message\": %q}}\n", expired ? "batch_expired" : "batch_cancelled",
        expired ? "This request could not be executed before the completion window expired." : "This request was not executed because the batch was cancelled.");
    else if (j->kind == JOB_MISTRAL) say(o, "\"response\": {\"status_code\": %d, \"body\": %s}, \"error\": null}\n", (long)t->status, t->body);
    else say(o, "\"response\": {\"status_code\": %d, \"request_id\": \"req_loopback%d_%d\", \"body\": %s}, \"error\": null}\n", (long)t->status, (long)j->number, i, t->body);
}
static int put_file(buf *o, const job *j, const char *asked) {           /* 1: it is one of this job's, and not empty */
    char id[64];
    size_t n = o->n;
    for (int good = 0; good < 2; good++) {
        job_file_id(j, good, id);
        for (long i = j->n; i-- && !strcmp(id, asked);) if (is_good(j, i) == good) put_result(o, j, i);
    }
    return o->n > n;
}
static void openai_content(exchange *x) {
    const char *asked = path_id(x, "/files/");
    const job_file *f = file_find(asked);
    start_reply(x, 200, "application/octet-stream");
    if (f) { put(&x->reply.body, f->bytes.p, f->bytes.n); return; }
    for (int i = 0; i < JOBS; i++) {
        const job *j = &jobs_kept[i];
        int has_files = j->number && (j->kind == JOB_OPENAI || j->kind == JOB_MISTRAL) && job_state(j) == JOB_OVER && j->end != END_FAILED;
        if (has_files && put_file(&x->reply.body, j, asked)) return;
    }
    fail(x, 404, "id", NULL, "No such File object: %s", asked);
}

/* ---- OpenAI: batches ------------------------------------------------------------------------------------------ */
static const job_target openai_targets[] = {
    { &chat_dialect, NULL, "/v1/chat/completions" },
    { &responses_dialect, NULL, "/v1/responses" },
    { &chat_dialect, chat_embeddings, "/v1/embeddings" } };

static const job_target *openai_target(const char *endpoint) {
    for (size_t i = 0; i < sizeof openai_targets / sizeof *openai_targets; i++) if (!strcmp(endpoint, openai_targets[i].path)) return &openai_targets[i];
    return NULL;
}
static void job_refuse(job *j, long line, const char *code, const char *text) {
    j->end = END_FAILED; j->flaw = code; j->flaw_text = job_copy(j, text); j->flaw_line = line;
}
static void put_flaw(buf *o, const job *j) {
    if (!j->flaw || job_state(j) != JOB_OVER) { put_text(o, "null"); return; }
    say(o, "{\"object\":\"list\",\"data\":[{\"code\":%q,\"line\":", j->flaw);
    if (j->flaw_line) say(o, "%d", j->flaw_line); else put_text(o, "null");
    say(o, ",\"message\":%q,\"param\":null}]}", j->flaw_text);
}
static void put_file_id(buf *o, const job *j, int good) {                /* null: no item belongs there */
    char id[64];
    long k = job_state(j) != JOB_OVER || j->end == END_FAILED ? 0 : good ? job_good(j) : j->n - job_good(j);
    job_file_id(j, good, id);
    put_quoted(o, k ? id : NULL);
}
/* OpenAI API reference, the batch object */
static void openai_put(exchange *x, const job *j) {
    static const char *const states[] = { "validating", "in_progress", "cancelling" }, *const ends[] = { "completed", "cancelled", "expired", "failed" };
    int state = job_state(j), over = state == JOB_OVER, ran = state != JOB_WAITS && j->end != END_FAILED;
    long good = job_good(j);
    char id[64];
    buf o = { 0 };
    job_id(j, id);
    say(&o, "{\"id\":%q,\"object\":\"batch\",\"endpoint\":%q,\"errors\":", id, j->endpoint);
    put_flaw(&o, j);
    say(&o, ",\"input_file_id\":%q,\"completion_window\":\"24h\",\"status\":%q,\"output_file_id\":", j->file, over ? ends[j->end] : states[state]);
    put_file_id(&o, j, 1);
    put_text(&o, ",\"error_file_id\":");
    put_file_id(&o, j, 0);
    say(&o, ",\"created_at\":%d", job_made);
    put_time(&o, "in_progress_at", ran, 1);
    put_time(&o, "expires_at", 1, 86400);
    put_time(&o, "finalizing_at", over && j->end == END_DONE, 60);
    put_time(&o, "completed_at", over && j->end == END_DONE, 61);
    put_time(&o, "failed_at", over && j->end == END_FAILED, 2);
    put_time(&o, "expired_at", over && j->end == END_EXPIRED, 86400);
    put_time(&o, "cancelling_at", j->end == END_CANCELLED, 30);
    put_time(&o, "cancelled_at", over && j->end == END_CANCELLED, 31);
    say(&o, ",\"request_counts\":{\"total\":%d,\"completed\":%d,\"failed\":%d},\"metadata\":", ran ? j->n : 0L, good, job_done(j) - good);
    put_compact(&o, or_null(j->meta), strlen(or_null(j->meta)));
    put_char(&o, '}');
    start_reply(x, 200, "application/json");
    chat_headers(x);
    put_pretty(&x->reply.body, o.p, o.n);
    buf_free(&o);
}
/* a line of the input; 0: an error was written */
static int openai_line(exchange *x, job *j, const job_target *to, const json *o, long line) {
    const json *id = json_get(o, "custom_id"), *body = json_get(o, "body");
    if (!is_kind(id, J_STRING) || !id->n) job_refuse(j, line, "missing_required_parameter", "Missing required parameter: 'custom_id'.");
    else if (!is_text(json_get(o, "method"), "POST")) job_refuse(j, line, "invalid_method", "Invalid method. Only POST is supported.");
    else if (!is_text(json_get(o, "url"), j->endpoint)) job_refuse(j, line, "mismatched_endpoint", "The provided url does not match the endpoint of the batch.");
    else if (!is_kind(body, J_OBJECT)) job_refuse(j, line, "missing_required_parameter", "Missing required parameter: 'body'.");
    if (j->flaw) return 1;
    job_input in = { id, NULL, body, NULL, 0 };
    return job_add(x, j, to, &in);
}
static int openai_lines(exchange *x, job *j, const job_target *to, const buf *file) {
    const char *line, *why;
    size_t at = 0, k, where;
    int fits = 1;
    for (long number = 1; fits && !j->flaw && (line = next_line(file->p, file->n, &at, &k)); number++) {
        arena a = { NULL };
        fits = openai_line(x, j, to, json_parse(&a, line, k, &why, &where), number);
        arena_free(&a);
    }
    if (!j->flaw && job_twice(j)) job_refuse(j, 0, "duplicate_custom_id", "The custom_id of each request must be unique in a batch.");
    else if (!j->flaw && j->end == END_FAILED) job_refuse(j, 0, "token_limit_exceeded", "Enqueued token limit reached. Please try again once some in_progress batches have been completed.");
    return fits;
}
/* OpenAI API reference, batches/create */
static void openai_batch(exchange *x) {
    static const char *const known[] = { "input_file_id", "endpoint", "completion_window", "metadata", "output_expires_after", NULL };
    const json *o = op_body(x, known);
    if (!o) return;
    const char *endpoint = json_text(json_get(o, "endpoint"), ""), *input = json_text(json_get(o, "input_file_id"), "");
    const job_target *to = openai_target(endpoint);
    const job_file *file = file_find(input);
    job j;
    if (!is_text(json_get(o, "completion_window"), "24h")) { fail(x, 400, "completion_window", "invalid_value", "Invalid value for 'completion_window'. Supported values are: '24h'."); return; }
    if (!to) { fail(x, 400, "endpoint", "invalid_value", "Invalid value: '%s'. Supported values are: '/v1/chat/completions', '/v1/responses', and '/v1/embeddings'.", endpoint); return; }
    if (!file) { fail(x, 400, "input_file_id", "invalid_request", "Invalid input_file_id: no file found with id '%s'.", input); return; }
    job_begin(x, &j, JOB_OPENAI);
    j.endpoint = to->path; j.file = job_copy(&j, input); j.meta = job_raw(&j, json_get(o, "metadata"));
    if (openai_lines(x, &j, to, &file->bytes)) openai_put(x, job_keep(&j)); else job_free(&j);
}
static void openai_job(exchange *x) {
    job *j = job_find(x, JOB_OPENAI, "/batches/");
    if (!j) return;
    job_look(x, j);
    openai_put(x, j);
}
/* 0: it is over, and an error was written */
static int job_cancel(exchange *x, job *j, int status, const char *message) {
    char id[64];
    job_id(j, id);
    if (job_state(j) == JOB_OVER) return fail(x, status, NULL, NULL, message, id);
    j->end = END_CANCELLED;
    j->flaw = NULL;
    return 1;
}
static void openai_cancel(exchange *x) {
    job *j = job_find(x, JOB_OPENAI, "/batches/");
    if (j && job_cancel(x, j, 409, "Cannot cancel batch %s: it is over.")) openai_put(x, j);
}

/* ---- Anthropic ------------------------------------------------------------------------------------------------ */
static const json *item_body(arena *a, const job_item *t) {
    const char *why; size_t where;
    return json_parse(a, t->body, strlen(t->body), &why, &where);
}
static const char *item_message(arena *a, const job_item *t) {           /* of its error; a page of HTML is one */
    const json *body = item_body(a, t);
    return json_text(json_get(json_get(body, "error"), "message"), json_text(body, t->body));
}
/* where the results are: this server, and the behaviours that stood in the path */
static void put_results_url(exchange *x, buf *o, const char *id) {
    const char *host = header(&x->req, "host"), *end = strstr(x->req.target, "/v1/messages/batches");
    say(o, "\"%s://%s%v/v1/messages/batches/%s/results\"", x->tls ? "https" : "http", host ? host : "127.0.0.1", x->req.target, (size_t)(end ? end - x->req.target : 0), id);
}
/* Claude API reference, the message batch object: all are being processed until all are not */
static void anthropic_put(exchange *x, const job *j) {
    static const char date[] = "2026-09-21T14:13:20.044811+00:00", later[] = "2026-09-22T14:13:20.044811+00:00", after[] = "2026-09-21T14:14:21.044811+00:00";
    int state = job_state(j), over = state == JOB_OVER;
    long done = over ? job_done(j) : 0, good = over ? job_good(j) : 0, left = over ? j->n - done : 0;
    char id[64];
    buf *o = &x->reply.body;
    job_id(j, id);
    start_reply(x, 200, "application/json");
    messages_headers(x);
    say(o, "{\"id\":%q,\"type\":\"message_batch\",\"processing_status\":%q,\"request_counts\":{\"processing\":%d,\"succeeded\":%d,\"errored\":%d,\"canceled\":%d,\"expired\":%d},\"ended_at\":",
        id, over ? "ended" : state == JOB_STOPS ? "canceling" : "in_progress", over ? 0L : j->n, good, done - good, j->end == END_CANCELLED ? left : 0L, j->end == END_EXPIRED ? left : 0L);
    put_quoted(o, over ? after : NULL);
    say(o, ",\"created_at\":%q,\"expires_at\":%q,\"archived_at\":null,\"cancel_initiated_at\":", date, later);
    put_quoted(o, j->end == END_CANCELLED ? date : NULL);
    put_text(o, ",\"results_url\":");
    if (over) put_results_url(x, o, id); else put_text(o, "null");
    put_char(o, '}');
}
static void anthropic_batch(exchange *x) {
    static const char *const known[] = { "requests", NULL }, *const inner[] = { "custom_id", "params", NULL };
    static const job_target to = { &messages_dialect, NULL, "/v1/messages" };
    const json *o = op_body(x, known), *list = json_get(o, "requests");
    int fits = 1;
    job j;
    if (!o) return;
    if (!is_kind(list, J_ARRAY) || !list->first) { fail(x, 400, NULL, NULL, "requests: List should have at least 1 item"); return; }
    job_begin(x, &j, JOB_ANTHROPIC);
    for (const json *r = list->first; r && fits; r = r->next) {
        const json *id = json_get(r, "custom_id"), *params = json_get(r, "params");
        fits = job_members(x, r, inner, j.n);
        if (fits && (!is_kind(id, J_STRING) || !is_name(id->s, id->n, 64))) fits = fail(x, 400, NULL, NULL, "requests.%d.custom_id: String should match pattern '^[a-zA-Z0-9_-]{1,64}$'", j.n);
        if (fits && !is_kind(params, J_OBJECT)) fits = fail(x, 400, NULL, NULL, "requests.%d.params: Field required", j.n);
        job_input in = { id, NULL, params, NULL, 0 };
        fits = fits && job_add(x, &j, &to, &in);
    }
    if (fits && job_twice(&j)) fits = fail(x, 400, NULL, NULL, "requests: custom_id must be unique in a batch");
    if (fits) anthropic_put(x, job_keep(&j)); else job_free(&j);
}
static void anthropic_job(exchange *x) {
    job *j = job_find(x, JOB_ANTHROPIC, "/batches/");
    if (!j) return;
    job_look(x, j);
    anthropic_put(x, j);
}
static void anthropic_cancel(exchange *x) {
    job *j = job_find(x, JOB_ANTHROPIC, "/batches/");
    if (j && job_cancel(x, j, 400, "Message batch %s has ended and cannot be canceled.")) anthropic_put(x, j);
}
static void anthropic_put_error(exchange *x, buf *o, const job_item *t) {
    const json *error = json_get(item_body(&x->mem, t), "error");
    put_text(o, "{\"type\":\"errored\",\"error\":{\"type\":\"error\",\"error\":");
    if (error) put(o, error->raw, error->nraw); else say(o, "{\"type\":%q,\"message\":%q}", messages_error_type(t->status), item_message(&x->mem, t));
    put_text(o, "}}");
}
static void anthropic_results(exchange *x) {
    job *j = job_find(x, JOB_ANTHROPIC, "/batches/");
    buf *o = &x->reply.body;
    if (!j) return;
    if (job_state(j) != JOB_OVER) { fail(x, 404, NULL, NULL, "The message batch has no results yet: it has not ended."); return; }
    start_reply(x, 200, "application/x-jsonl");
    messages_headers(x);
    for (long i = j->n; i--;) {
        say(o, "{\"custom_id\":%s,\"result\":", j->items[i].id);
        if (i >= job_done(j)) say(o, "{\"type\":%q}", j->end == END_EXPIRED ? "expired" : "canceled");
        else if (is_good(j, i)) say(o, "{\"type\":\"succeeded\",\"message\":%s}", j->items[i].body);
        else anthropic_put_error(x, o, &j->items[i]);
        put_text(o, "}\n");
    }
}

/* ---- Gemini --------------------------------------------------------------------------------------------------- */
static long gemini_code(int status) {                                    /* google.rpc.Code of an HTTP status */
    static const struct { int status; long code; } rows[] = { { 400, 3 }, { 401, 16 }, { 403, 7 }, { 404, 5 }, { 429, 8 }, { 499, 1 }, { 500, 13 }, { 503, 14 }, { 504, 4 } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) if (rows[i].status == status) return rows[i].code;
    return status >= 500 ? 13 : 3;
}
static void gemini_put_responses(exchange *x, buf *o, const job *j) {
    put_text(o, "\"inlinedResponses\":{\"inlinedResponses\":[");
    for (long i = 0; i < j->n; i++) {
        const job_item *t = &j->items[i];
        if (i) put_char(o, ',');
        if (is_good(j, i)) say(o, "{\"response\":%s", t->body); else say(o, "{\"error\":{\"code\":%d,\"message\":%q}", gemini_code(t->status), item_message(&x->mem, t));
        if (t->meta) say(o, ",\"metadata\":%s", t->meta);
        put_char(o, '}');
    }
    put_text(o, "]}");
}
static void gemini_put_count(buf *o, const char *name, long n) { if (n) say(o, ",%q:\"%d\"", name, n); } /* proto3 leaves zeros out */

/* The operation as the Gemini API prints it (batches of a recording). One that ended otherwise than well has an error in place of its response, as the
 * documentation of google.longrunning.Operation says. */
static void gemini_put_job(exchange *x, const job *j) {
    static const char *const states[] = { "PENDING", "RUNNING", "RUNNING" }, *const ends[] = { "SUCCEEDED", "CANCELLED", "EXPIRED", "FAILED" },
        *const messages[] = { "", "The operation was cancelled.", "The operation expired.", "The batch failed." };
    static const long codes[] = { 0, 1, 4, 13 };
    int over = job_state(j) == JOB_OVER, well = over && j->end == END_DONE;
    long good = job_good(j), done = job_done(j);
    char id[64];
    buf o = { 0 };
    job_id(j, id);
    say(&o, "{\"name\":\"batches/%s\",\"metadata\":{\"@type\":\"type.googleapis.com/google.ai.generativelanguage.v1main.GenerateContentBatch\",\"model\":%q,\"displayName\":%q,", id, j->model, j->name);
    if (well) { put_text(&o, "\"output\":{"); gemini_put_responses(x, &o, j); put_text(&o, "},"); }
    put_text(&o, "\"createTime\":\"2026-09-21T14:13:20.267870162Z\",");
    if (over) put_text(&o, "\"endTime\":\"2026-09-21T14:19:30.652367187Z\",");
    say(&o, "\"updateTime\":%q,\"batchStats\":{\"requestCount\":\"%d\"", over ? "2026-09-21T14:19:30.652367227Z" : "2026-09-21T14:13:20.267870162Z", j->n);
    gemini_put_count(&o, "successfulRequestCount", good);
    gemini_put_count(&o, "failedRequestCount", done - good);
    gemini_put_count(&o, "pendingRequestCount", j->n - done);
    say(&o, "},\"state\":\"BATCH_STATE_%s\",\"name\":\"batches/%s\"}", over ? ends[j->end] : states[job_state(j)], id);
    if (well) {
        put_text(&o, ",\"done\":true,\"response\":{\"@type\":\"type.googleapis.com/google.ai.generativelanguage.v1main.GenerateContentBatchOutput\",");
        gemini_put_responses(x, &o, j);
        put_char(&o, '}');
    }
    else if (over) say(&o, ",\"done\":true,\"error\":{\"code\":%d,\"message\":%q}", codes[j->end], messages[j->end]);
    put_char(&o, '}');
    start_reply(x, 200, "application/json; charset=UTF-8");
    put_pretty(&x->reply.body, o.p, o.n);
    put_char(&x->reply.body, '\n');
    buf_free(&o);
}
/* an inlined request, whose model is that of the path; 0: an error was written */
static int gemini_add(exchange *x, job *j, const json *r, const job_target *to) {
    static const char *const known[] = { "request", "metadata", NULL };
    const json *body = json_get(r, "request"), *meta = json_get(r, "metadata"), *model = json_get(body, "model");
    buf text = { 0 }, m = { 0 };
    if (gemini_unknown(x, r, known, " at 'batch.input_config.requests.requests[0]'")) return 0;
    if (!is_kind(body, J_OBJECT) || (meta && !is_kind(meta, J_OBJECT))) return fail(x, 400, NULL, NULL, "Invalid value at 'batch.input_config.requests.requests[%d]'", j->n);
    if (model && !is_text(model, j->model)) return fail(x, 400, NULL, NULL, "* BatchGenerateContentRequest.batch.input_config.requests.requests[%d].request.model: it is not the model of the batch", j->n);
    put_with_model(&text, body, NULL);                                   /* generateContent has it in the path alone */
    job_input in = { NULL, meta, body, text.p, text.n };
    int fits = job_add(x, j, to, &in);
    if (fits && meta) {                                                  /* compact, for it is printed anew */
        put_compact(&m, meta->raw, meta->nraw);
        j->items[j->n - 1].meta = job_copy(j, text_of(&m));
    }
    buf_free(&text); buf_free(&m);
    return fits;
}
/* Gemini API reference, models.batchGenerateContent, with its requests in the body */
static void gemini_batch(exchange *x) {
    static const char *const known[] = { "batch", NULL }, *const inner[] = { "displayName", "inputConfig", "model", "priority", NULL };
    const json *o = gemini_path(x) ? op_body(x, known) : NULL, *batch = json_get(o, "batch"), *list = json_get(json_get(json_get(batch, "inputConfig"), "requests"), "requests");
    job_target to = { &gemini_dialect, NULL, NULL };
    int fits = 1;
    job j;
    buf path = { 0 }, model = { 0 };
    if (!o || gemini_unknown(x, batch, inner, " at 'batch'")) return;
    if (gemini_is_vertex(x) || is_missing_model(x->ask.model)) { fail(x, 404, NULL, NULL, "models/%s is not found for API version v1beta, or is not supported for batchGenerateContent.", x->ask.model); return; }
    if (!is_kind(list, J_ARRAY) || !list->first) { fail(x, 400, NULL, NULL, "* BatchGenerateContentRequest.batch.input_config: requests.requests with at least one request is expected"); return; }
    if (!is_kind(json_get(batch, "displayName"), J_STRING)) { fail(x, 400, NULL, NULL, "* BatchGenerateContentRequest.batch.display_name: it must be set"); return; }
    say(&path, "%v:generateContent", x->path, (size_t)(strrchr(x->path, ':') - x->path));
    to.path = take_text(&x->mem, path.p, path.n);
    buf_free(&path);
    job_begin(x, &j, JOB_GEMINI);
    say(&model, "models/%s", x->ask.model);
    j.model = job_copy(&j, text_of(&model));
    buf_free(&model);
    j.name = job_copy(&j, json_get(batch, "displayName")->s);
    for (const json *r = list->first; r && fits; r = r->next) fits = gemini_add(x, &j, r, &to);
    if (fits) gemini_put_job(x, job_keep(&j)); else job_free(&j);
}
static void gemini_job(exchange *x) {
    job *j = job_find(x, JOB_GEMINI, "/batches/");
    if (!j) return;
    job_look(x, j);
    gemini_put_job(x, j);
}
static void gemini_cancel(exchange *x) {                                 /* best effort: one that is over stays as it is */
    job *j = job_find(x, JOB_GEMINI, "/batches/");
    if (!j) return;
    if (job_state(j) != JOB_OVER) j->end = END_CANCELLED;
    start_reply(x, 200, "application/json; charset=UTF-8");
    put_text(&x->reply.body, "{}\n");
}

/* ---- Mistral -------------------------------------------------------------------------------------------------- */
static void put_spaced_id(buf *o, const job *j, const char *name, int good) {
    say(o, "\"%s\": ", name);
    put_file_id(o, j, good);
    put_text(o, ", ");
}
/* Mistral API reference, the batch job; its results are in files, `outputs` stays null as where they were not asked for inline */
static void mistral_put(exchange *x, const job *j) {
    static const char *const states[] = { "QUEUED", "RUNNING", "CANCELLATION_REQUESTED" }, *const ends[] = { "SUCCESS", "CANCELLED", "TIMEOUT_EXCEEDED", "FAILED" };
    int state = job_state(j), over = state == JOB_OVER, ran = state != JOB_WAITS;
    long good = job_good(j), done = job_done(j);
    char id[64];
    buf *o = &x->reply.body;
    job_id(j, id);
    start_reply(x, 200, "application/json; charset=utf-8");
    say(o, "{\"id\": %q, \"object\": \"batch\", \"input_files\": [\"10b5e5a7-0000-4000-b000-%s\"], \"metadata\": %s, \"endpoint\": %q, \"model\": %q, \"agent_id\": null, ", id, id + 24, or_null(j->meta), j->endpoint, j->model);
    put_spaced_id(o, j, "output_file", 1);
    put_spaced_id(o, j, "error_file", 0);
    say(o, "\"errors\": [%s], \"outputs\": null, \"status\": %q, ", over && j->end == END_FAILED ? "{\"message\": \"The job failed.\", \"count\": 1}" : "", over ? ends[j->end] : states[state]);
    say(o, "\"created_at\": %d, \"total_requests\": %d, \"completed_requests\": %d, \"succeeded_requests\": %d, \"failed_requests\": %d, \"started_at\": ", job_made, ran ? j->n : 0L, done, good, done - good);
    if (ran) say(o, "%d, \"completed_at\": ", job_made); else put_text(o, "null, \"completed_at\": ");
    if (over) say(o, "%d}", job_made + 25); else put_text(o, "null}");
}
/* the model of an item is that of the job; 0: an error was written */
static int mistral_add(exchange *x, job *j, const json *r, const job_target *to) {
    static const char *const known[] = { "custom_id", "body", NULL };
    const json *id = json_get(r, "custom_id"), *body = json_get(r, "body");
    buf b = { 0 };
    if (!job_members(x, r, known, j->n)) return 0;
    if (!is_kind(id, J_STRING) || !is_kind(body, J_OBJECT)) return fail(x, 400, NULL, NULL, "requests.%d: custom_id and body are expected", j->n);
    put_with_model(&b, body, j->model);
    job_input in = { id, NULL, body, b.p, b.n };
    int fits = job_add(x, j, to, &in);
    buf_free(&b);
    return fits;
}
/* Mistral API reference, batch/jobs, with the requests in the body */
static void mistral_batch(exchange *x) {
    static const char *const known[] = { "endpoint", "model", "requests", "metadata", "timeout_hours", NULL };
    const json *o = op_body(x, known), *list = json_get(o, "requests"), *model = json_get(o, "model");
    const char *endpoint = json_text(json_get(o, "endpoint"), "");
    const job_target *to = openai_target(endpoint);
    int fits = 1;
    job j;
    if (!o || !op_model(x, model)) return;
    if (!to || to->how != &chat_dialect) { fail(x, 400, "endpoint", NULL, "endpoint: '%s' has no batches", endpoint); return; }
    if (!is_kind(list, J_ARRAY) || !list->first) { fail(x, 400, "requests", NULL, "requests: at least one is expected"); return; }
    job_begin(x, &j, JOB_MISTRAL);
    j.endpoint = to->path; j.model = job_copy(&j, model->s); j.meta = job_raw(&j, json_get(o, "metadata"));
    for (const json *r = list->first; r && fits; r = r->next) fits = mistral_add(x, &j, r, to);
    if (fits && job_twice(&j)) fits = fail(x, 400, "requests", NULL, "requests: custom_id must be unique in a job");
    if (fits) mistral_put(x, job_keep(&j)); else job_free(&j);
}
static void mistral_job(exchange *x) {
    job *j = job_find(x, JOB_MISTRAL, "/batch/jobs/");
    if (!j) return;
    job_look(x, j);
    mistral_put(x, j);
}
static void mistral_cancel(exchange *x) {
    job *j = job_find(x, JOB_MISTRAL, "/batch/jobs/");
    if (j && job_cancel(x, j, 400, "Batch job %s is over and cannot be cancelled.")) mistral_put(x, j);
}
#endif
