/* Batches that the provider itself runs: submitted, looked at, collected, cancelled. Each is a batch (see many.h) whose work is not to send the requests but to take
   the steps of providers/bulk.h, one after the other: calls of their own that nobody sees. A submitted request is written as it would be sent, into pieces of the
   heap; a result is read as a reply that has just come, by a call that lives until the program has seen it. */
#ifndef LLMFI_ENGINE_BULK_H
#define LLMFI_ENGINE_BULK_H
#include "../../providers/bulk.h"
#include "many.h"
#include "operation.h"
#include "receive.h"
#include "request.h"
#include "send.h"

#if LLMF_HAS_JOBS

struct llmfi_bulk_work {
    struct llmfi_bulk b;
    int action;                              /* LLMF_BATCH_… */
    llmf_batch_job *job;                     /* the program's */
    size_t job_size;
    bool begun;                              /* a step has been taken */
    size_t written;                          /* requests of those that are submitted */
    unsigned char *seen;                     /* a bit for each result that has come; NULL: nobody says how many there are */
    llmfi_call *step;                        /* under way */
};

static bool llmfi_call_prepare(llmfi_call *c, llmf_model m);
static llmfi_call *llmfi_call_new(llmf_factory *f);
static bool llmfi_call_go(llmfi_call *c);
#if LLMF_HAS_RETRY
static bool llmfi_keep_begin(llmfi_call *c);
#endif

static struct llmfi_bulk_work *llmfi_bulk_of(const llmfi_call *c) {
    return llmfi_many_of(c)->bulk;
}

/* ---- what the program sees of it ---- */

/* Providers' words for how far a batch is, in the order of LLMF_JOB_…; Gemini's stand behind "BATCH_STATE_". */
static int llmfi_bulk_state(const char *word) {
    static const char *const words[] = {
        "", "validating\0queued\0pending\0", "in_progress\0running\0finalizing\0cancelling\0canceling\0cancellation_requested\0",
        "completed\0ended\0success\0succeeded\0", "failed\0", "expired\0timeout_exceeded\0", "cancelled\0canceled\0"
    };
    llmf_str w = llmfi_cstr(word);
    size_t at = llmfi_find_nocase(w, LLMFI_LIT("STATE_")), i;
    if (at != LLMFI_NOWHERE) w = llmfi_from(w, at + 6);
    for (i = 1; i < LLMFI_COUNT(words); i++)
        if (llmfi_word_in_nocase(words[i], w) >= 0) return (int)i;
    return LLMF_JOB_UNKNOWN;
}

static void llmfi_bulk_tell(const struct llmfi_bulk_work *w) {
    const struct llmfi_bulk *b = &w->b;
    llmf_batch_job job;
    memset(&job, 0, sizeof job);
    memcpy(job.id, b->id, sizeof job.id);
    memcpy(job.status, b->word, sizeof job.status);
    job.state = llmfi_bulk_state(b->word);
    job.total = b->total >= 0 ? b->total : b->parts;
    job.done = b->done;
    job.failed = b->failed;
    memcpy(w->job, &job, w->job_size < sizeof job ? w->job_size : sizeof job);
}

/* ---- steps ---- */

/* A call that nobody sees, of the batch's model; NULL with the error in c's reply. */
static llmfi_call *llmfi_bulk_call(llmfi_call *c, uint8_t kind) {
    llmfi_call *k = llmfi_call_new(c->f);
    if (!k) {
        c->reply.error = c->f->last_error;
        return NULL;
    }
    k->bulk = kind;
    k->quiet = k->taken = true; /* and it is no call that llmf_poll counts */
    c->f->active--;
    k->prepared = c->prepared;
    k->prepared->references++;
    k->reply.user = &k->prepared->record.s;
    k->reply.provider = k->prepared->record.provider->name;
    k->ask.req = &k->req;
    k->ask.model = &k->prepared->record.s;
    k->start_ns = k->attempt_ns = llmfi_moment(c->f);
    return k;
}

/* What the last reply said is forgotten, but for the ids. */
static void llmfi_bulk_clear(struct llmfi_bulk *b) {
    b->cut = false;
    b->word[0] = b->why[0] = b->key[0] = '\0';
    b->total = b->done = b->failed = b->parts = LLMF_UNKNOWN;
    b->at = NULL;
}

/* False: it failed at once, with the error in the call's reply. */
static bool llmfi_bulk_send(llmfi_call *k, struct llmfi_bulk *b) {
    k->req.op = LLMF_OP_BATCH;
    k->req.timeouts.first_content_ms = -1; /* as long as something comes */
    k->req.stream = b->step == LLMFI_BULK_RESULTS;
    if (!llmfi_op_begin(k)) return false;
    k->reply.job->bulk = b;
    k->reply.job->get = b->step == LLMFI_BULK_STATE || b->step == LLMFI_BULK_RESULTS;
    k->reply.job->seen = b->step == LLMFI_BULK_CANCEL; /* its reply may say nothing */
    k->reply.streamed = k->req.stream;
    llmfi_take_timeouts(k);
    return llmfi_build_http(k) && llmfi_call_go(k);
}

static void llmfi_bulk_step(llmfi_call *c, int step) {
    struct llmfi_many *m = llmfi_many_of(c);
    struct llmfi_bulk_work *w = m->bulk;
    llmfi_many_item *item = m->free;
    llmfi_call *k;
    if (step == LLMFI_BULK_RESULTS) w->b.cut = false;
    else llmfi_bulk_clear(&w->b);
    w->b.step = step;
    w->begun = true;
    k = llmfi_bulk_call(c, LLMFI_BULK_IS_STEP);
    if (!k) return;
    m->free = item->next;
    item->call = w->step = k;
    *llmfi_many_slot(k) = item;
    m->running++;
    if (llmfi_bulk_send(k, &w->b)) llmfi_set_deadline(k);
    else llmfi_finish(k);
}

/* The step has failed, and so has the batch. */
static LLMFI_COLD void llmfi_bulk_failed(llmfi_call *c, const llmfi_call *k) {
    llmf_error *e = &c->reply.error;
    llmf_str message = k->response.error.message;
    *e = k->response.error;
    e->message = message.len ? llmfi_arena_copy(&c->arena, message) : llmfi_str("", 0);
    if (c->arena.failed) e->message = llmfi_str("", 0);
    c->reply.status = k->reply.status;
}

/* The files of the results, one after the other. False: there is none left. */
static bool llmfi_bulk_next_file(struct llmfi_bulk *b) {
    if (b->form->results) return b->step == LLMFI_BULK_STATE;
    if (b->step == LLMFI_BULK_RESULTS || !b->files[0][0]) {
        memcpy(b->files[0], b->files[1], sizeof b->files[0]);
        b->files[1][0] = '\0';
    }
    return b->files[0][0] != '\0';
}

/* The batch is not to be collected, and why. */
static LLMFI_COLD void llmfi_bulk_refuse(llmfi_call *c, const struct llmfi_bulk *b, int state) {
    llmfi_text t = llmfi_error_begin(&c->reply.error, state == LLMF_JOB_FAILED ? LLMF_ERR_BAD_REQUEST : LLMF_ERR_ARGUMENT);
    LLMFI_SAY(&t, "the batch ");
    llmfi_say_c(&t, b->id);
    LLMFI_SAY(&t, " is ");
    llmfi_say_c(&t, b->word);
    if (state != LLMF_JOB_FAILED) {
        LLMFI_SAY(&t, ": collect it when LLMF_BATCH_POLL has given llmf_batch_job.state LLMF_JOB_DONE");
    } else if (b->why[0]) {
        LLMFI_SAY(&t, ": ");
        llmfi_say_c(&t, b->why);
    }
}

/* What follows the step that has ended well; nothing: the batch is over. */
static void llmfi_bulk_next(llmfi_call *c) {
    struct llmfi_bulk_work *w = llmfi_bulk_of(c);
    struct llmfi_bulk *b = &w->b;
    int state = llmfi_bulk_state(b->word);
    bool over = state >= LLMF_JOB_DONE;
    switch (b->step) {
    case LLMFI_BULK_UPLOAD:
        llmfi_bulk_forget(b);
        llmfi_bulk_step(c, LLMFI_BULK_CREATE);
        return;
    case LLMFI_BULK_CREATE:
        llmfi_bulk_forget(b);
        break;
    case LLMFI_BULK_CANCEL:
        llmfi_bulk_step(c, LLMFI_BULK_STATE); /* not all say there what has become of it */
        return;
    default: break;
    }
    if (b->step != LLMFI_BULK_RESULTS) llmfi_bulk_tell(w);
    if (w->action == LLMF_BATCH_COLLECT && b->step == LLMFI_BULK_STATE && (!over || (state == LLMF_JOB_FAILED && !b->files[0][0] && !b->files[1][0] && !b->from))) {
        llmfi_bulk_refuse(c, b, state);
        return;
    }
    if (w->action == LLMF_BATCH_COLLECT && !b->from && llmfi_bulk_next_file(b)) {
        llmfi_bulk_step(c, LLMFI_BULK_RESULTS);
        return;
    }
    c->reply.terminal = true;
}

/* ---- submit ---- */

/* Into the pieces. False: the batch stops, with the error in its reply. */
static bool llmfi_bulk_put(llmfi_call *c, struct llmfi_many *m, llmfi_call *k) {
    struct llmfi_bulk_work *w = m->bulk;
    llmfi_settings s = *k->ask.model;
    llmfi_out out = llmfi_bulk_out(&w->b);
    bool good;
    if (w->b.form->model) s.model_id = llmfi_str("", 0); /* said once, in front of all */
    k->ask.model = &s;
    llmfi_bulk_item(&w->b, m->next, w->written++ == 0, &out);
    good = llmfi_body_emit(k->prepared->adapter, &k->ask, &out);
    llmfi_put_str(&out, llmfi_cstr(w->b.form->end));
    k->ask.model = &k->prepared->record.s;
    if (w->b.cut) return llmfi_error_memory(&c->reply.error);
    return good || llmfi_error_set(&c->reply.error, LLMF_ERR_ARGUMENT, "a request cannot be written as JSON: is it nested deeper than LLMF_MAX_DEPTH?");
}

/* A request that cannot be sent is a result where somebody sees it; else the end. */
static LLMFI_COLD bool llmfi_bulk_unsent(llmfi_call *c, struct llmfi_many *m, llmfi_call *k) {
    llmfi_many_item item;
    memset(&item, 0, sizeof item);
    item.of = m;
    item.call = k;
    item.index = m->next;
    llmfi_finish(k);
    if (m->given.result) llmfi_many_tell(c, m, &item);
    else c->reply.error = k->response.error;
    return c->reply.error.code == LLMF_OK;
}

/* The next request, in m->ask. False: the batch stops. */
static bool llmfi_bulk_write(llmfi_call *c, struct llmfi_many *m) {
    llmfi_call *k = llmfi_bulk_call(c, LLMFI_BULK_IS_RESULT);
    bool good;
    if (!k) return false;
    k->req = *m->ask;
    k->previewing = true; /* nothing is sent for it */
    k->req.stream = false;
    good = !k->req.op || llmfi_error_set(&k->reply.error, LLMF_ERR_UNSUPPORTED, "llmf_request.op: only chats are submitted");
    if (m->ask_model.id != m->given.model.id) good = llmfi_error_set(&k->reply.error, LLMF_ERR_ARGUMENT, "llmf_batch.request has changed the model: all that is submitted together is of llmf_batch.model");
#if LLMF_HAS_RETRY
    good = good && llmfi_keep_begin(k);
#endif
    good = good && llmfi_take_request(k) && llmfi_filters_before(k) ? llmfi_bulk_put(c, m, k) : llmfi_bulk_unsent(c, m, k);
    m->next++;
    llmfi_call_release(k);
    return good;
}

/* Writes requests until there are no more, or the time is up. True: all are written. */
static bool llmfi_bulk_gather(llmfi_call *c, struct llmfi_many *m) {
    while (!llmfi_many_stopped(c)) {
        int rc = llmfi_many_ask(c, m);
        if (llmfi_many_stopped(c)) return false;
        if (rc == LLMF_STOP) return true;
        if (rc == LLMF_SKIP) {
            m->next++;
            m->skipped++;
        } else if (!llmfi_bulk_write(c, m)) {
            return false;
        }
        if (llmfi_slice_over(&c->f->net)) break;
    }
    c->f->deferred = true;
    return false;
}

static void llmfi_bulk_submit(llmfi_call *c) {
    struct llmfi_many *m = llmfi_many_of(c);
    struct llmfi_bulk_work *w = m->bulk;
    llmfi_out out;
    if (!w->b.first) {
        unsigned char random[24];
        llmfi_some_bytes(c, random, sizeof random);
        llmfi_form_boundary(w->b.boundary, random);
        out = llmfi_bulk_out(&w->b);
        llmfi_bulk_begin(&w->b, c->prepared->record.s.model_id, &out);
    }
    if (!llmfi_bulk_gather(c, m)) return;
    if (!w->written) {
        llmfi_error_set(&c->reply.error, LLMF_ERR_ARGUMENT, "llmf_start_job: there is no request to submit");
        return;
    }
    out = llmfi_bulk_out(&w->b);
    llmfi_bulk_end(&w->b, &out);
    if (w->b.cut) llmfi_error_memory(&c->reply.error);
    else llmfi_bulk_step(c, w->b.form->head ? LLMFI_BULK_CREATE : LLMFI_BULK_UPLOAD);
}

/* ---- collect ---- */

/* The number that a result has; false with the error: it is none of ours, or has come already (*again). */
static bool llmfi_bulk_number(llmfi_call *c, llmf_str key, size_t *number, bool *again) {
    struct llmfi_many *m = llmfi_many_of(c);
    unsigned char *seen = m->bulk->seen;
    int64_t n;
    llmfi_text t;
    *again = false;
    if (!llmfi_parse_int(key, &n) || n < 0 || (uint64_t)n >= (m->given.count ? m->given.count : (size_t)-1)) {
        t = llmfi_error_begin(&c->reply.error, LLMF_ERR_ARGUMENT);
        LLMFI_SAY(&t, "the batch has a result for the request \"");
        llmfi_say(&t, llmfi_utf8_cut(key, 60));
        LLMFI_SAY(&t, "\", which is none of this llmf_batch's: is it the one that was submitted, with the same count?");
        return false;
    }
    *number = (size_t)n;
    if (!seen) return true;
    *again = (seen[n / 8] >> n % 8 & 1) != 0;
    seen[n / 8] = (unsigned char)(seen[n / 8] | 1 << n % 8);
    return !*again;
}

#if LLMF_HAS_FILTERS
/* What looks at answers looks at these too. */
static bool llmfi_bulk_filters(llmfi_call *k) {
    return !k->f->desc.filter_count || llmfi_filters_open(k);
}
#else
#define llmfi_bulk_filters(k) true
#endif

/* The call that the result is of, ended. */
static void llmfi_bulk_reply(llmfi_call *k, const llmfi_bulk_result *result) {
    llmf_error *e = &k->reply.error;
    k->framing = LLMF_FRAMING_JSON;
    if (result->code) {
        (llmfi_error_set)(e, result->code, result->code == LLMF_ERR_TIMEOUT ? LLMFI_WORDS("the batch expired before the provider had come to this request")
                                                                            : LLMFI_WORDS("the batch was cancelled before the provider had come to this request"));
    } else if (result->status > 0 && llmfi_bulk_filters(k)) {
        if (!llmfi_buf_add(&k->whole, result->body.ptr, result->body.len)) llmfi_error_memory(e);
        k->reply.status = result->status;
        llmfi_end(k, LLMF_OK, NULL);
    } else if (result->status <= 0) {
        if (result->body.len) llmfi_fault_object(&k->reply, result->body, result->kind);
        else llmfi_error_set(e, LLMF_ERR_PROTOCOL, "the result has neither a reply nor an error");
    }
    llmfi_finish(k);
}

static void llmfi_bulk_take(void *user, const llmfi_bulk_result *result) {
    llmfi_call *c = (llmfi_call *)user;
    struct llmfi_many *m = llmfi_many_of(c);
    struct llmfi_bulk_work *w = m->bulk;
    llmfi_many_item item;
    const llmfi_op_row *host = w->step->reply.job->host;
    bool again = false;
    memset(&item, 0, sizeof item);
    item.of = m;
    if (!llmfi_many_stopped(c) && llmfi_bulk_number(c, result->key, &item.index, &again)) {
        if (m->given.skip && m->given.skip[item.index]) {
            m->skipped++;
        } else if ((item.call = llmfi_bulk_call(c, host && llmfi_strchr(host->traits, 'H') ? LLMFI_BULK_IS_HALF : LLMFI_BULK_IS_RESULT)) != NULL) {
            item.call->reply.key = w->step->reply.key; /* so that no message has it */
            llmfi_bulk_reply(item.call, result);
            item.call->reply.key = llmfi_str("", 0);
            if (!llmfi_many_tell(c, m, &item)) llmfi_call_release(item.call);
        }
    }
    if (llmfi_many_stopped(c)) w->step->stop = c->f->deferred = true; /* no more of it */
}

/* ---- the whole ---- */

static void llmfi_bulk_run(llmfi_call *c) {
    struct llmfi_many *m = llmfi_many_of(c);
    struct llmfi_bulk_work *w = m->bulk;
    llmfi_many_item *item = m->first;
    if (item && !llmfi_many_stopped(c)) {
        llmfi_call *k = item->call;
        m->first = m->last = NULL;
        item->call = w->step = NULL;
        item->next = m->free;
        m->free = item;
        if (k && k->response.error.code != LLMF_OK) llmfi_bulk_failed(c, k);
        if (k) llmfi_call_release(k);
        if (c->reply.error.code == LLMF_OK) llmfi_bulk_next(c);
    } else if (!w->begun && !llmfi_many_stopped(c)) {
        if (w->action == LLMF_BATCH_SUBMIT) llmfi_bulk_submit(c);
        else llmfi_bulk_step(c, w->action == LLMF_BATCH_CANCEL ? LLMFI_BULK_CANCEL : LLMFI_BULK_STATE);
    }
    if (c->stop || c->free_later || c->f->closing) c->f->deferred = true;
    else if (c->reply.error.code != LLMF_OK || c->reply.terminal) llmfi_abort(c, LLMF_OK, "");
}

/* Its memory goes. */
static void llmfi_bulk_close(llmf_factory *f, struct llmfi_bulk_work *w) {
    if (!w) return;
    llmfi_bulk_free(&w->b);
    llmfi_heap_free(&f->heap, w->seen);
    llmfi_heap_free(&f->heap, w);
}

#endif
#endif
