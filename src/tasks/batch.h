/* Many requests, a few at a time: the public side. What a batch does when it runs is in engine/many.h. */
#ifndef LLMFI_TASKS_BATCH_H
#define LLMFI_TASKS_BATCH_H
#include "../engine/call.h"

#if LLMF_HAS_BATCH

static const char *llmfi_batch_wrong(const llmf_batch *b) {
    if (!b->requests == !b->request) return b->request ? LLMFI_WORDS("llmf_batch: has both requests and request; give one of them") : LLMFI_WORDS("llmf_batch: has neither requests nor request; give one of them");
    if (b->requests && !b->count) return LLMFI_WORDS("llmf_batch.count is 0, but requests is not NULL");
    if (!b->result && !b->responses) return LLMFI_WORDS("llmf_batch: has neither result nor responses, so nobody would see an answer; give one of them");
    if ((b->skip || b->responses) && !b->count) return LLMFI_WORDS("llmf_batch.count is 0: skip and responses must have that many places");
    if (b->at_once < 0 || b->at_once > LLMF_MAX_AT_ONCE) return LLMFI_WORDS("llmf_batch.at_once must be from 0 (16) to LLMF_MAX_AT_ONCE");
    return NULL;
}

/* False with *err: what was made by then is in c's slot. wrong: the mistake that was found in *b; NULL: none. */
static bool llmfi_batch_open(llmfi_call *c, const llmf_batch *b, size_t req_size, size_t response_size, const char *wrong, llmf_error *err) {
    llmfi_heap *heap = &c->f->heap;
    struct llmfi_many *m;
    size_t i;
    if (wrong) return (llmfi_error_set)(err, LLMF_ERR_ARGUMENT, wrong);
    m = (struct llmfi_many *)llmfi_heap_alloc(heap, sizeof *m);
    if (!m) return llmfi_error_memory(err);
    memset(m, 0, sizeof *m);
    m->self.of = m;
    m->self.call = c;
    *llmfi_many_slot(c) = &m->self;
    m->given = *b;
    m->req_size = req_size;
    m->response_size = response_size;
    m->next = b->first;
    m->most = b->at_once ? b->at_once : (int)LLMFI_MANY_AT_ONCE;
    if (b->count && (size_t)m->most > b->count) m->most = (int)b->count;
    llmfi_spent_init(&m->spent);
    m->ask_size = req_size > sizeof *m->ask ? req_size : sizeof *m->ask;
    m->ask = (llmf_request *)llmfi_heap_alloc(heap, m->ask_size);
    m->places = (size_t)m->most * (b->in_order ? 2 : 1);
    m->at = (llmfi_many_item *)llmfi_heap_alloc(heap, m->places * sizeof *m->at);
    if (!m->ask || !m->at) {
        m->places = 0;
        return llmfi_error_memory(err);
    }
    memset(m->at, 0, m->places * sizeof *m->at);
    for (i = m->places; i-- > 0;) {
        m->at[i].of = m;
        m->at[i].next = m->free;
        m->free = &m->at[i];
    }
    return true;
}

/* The call that a batch is, with what the program has given; NULL: llmf_last_error tells. */
static llmfi_call *llmfi_batch_begin(llmf_factory *f, const llmf_batch *batch, size_t size, llmf_batch *given) {
    llmf_request none;
    llmfi_call *c;
    memset(given, 0, sizeof *given);
    memset(&none, 0, sizeof none);
    if (!f) return NULL;
    if (!batch) {
        llmfi_error_set(&f->last_error, LLMF_ERR_ARGUMENT, "batch is NULL");
        return NULL;
    }
    memcpy(given, batch, size < sizeof *given ? size : sizeof *given);
    c = llmfi_call_open(f, &none, sizeof none);
    if (!c) return NULL;
    c->start_ns = llmfi_now(f);
    f->deferred = true; /* llmf_poll begins with it */
    return c;
}

/* It is open, or has failed at once. */
static llmf_call llmfi_batch_go(llmfi_call *c, bool open, const llmf_error *err) {
    llmf_call id;
    id.id = c->id;
    if (!open) {
        c->reply.error = *err;
        llmfi_finish(c);
    }
    c->f->now_read = false;
    return id;
}

LLMF_API llmf_call llmf_start_batch_abi(llmf_factory *f, const llmf_batch *batch, size_t batch_size, size_t req_size, size_t response_size) {
    llmf_call id = {0};
    llmf_batch given;
    llmf_error err;
    int saved = LLMFI_ERRNO;
    llmfi_call *c = llmfi_batch_begin(f, batch, batch_size, &given);
    llmfi_error_clear(&err);
    if (c) id = llmfi_batch_go(c, llmfi_batch_open(c, &given, req_size, response_size, llmfi_batch_wrong(&given), &err), &err);
    LLMFI_SET_ERRNO(saved);
    return id;
}

#if LLMF_HAS_JOBS

/* ---- batches of the provider's ---- */

static const char *llmfi_job_wrong(int action, const llmf_batch *b, const llmf_batch_job *job) {
    if (action < LLMF_BATCH_SUBMIT || action > LLMF_BATCH_CANCEL) return LLMFI_WORDS("llmf_start_job: action is no LLMF_BATCH_ value");
    if (!job) return LLMFI_WORDS("llmf_start_job: job is NULL");
    if (action == LLMF_BATCH_SUBMIT && !b->requests == !b->request) return LLMFI_WORDS("llmf_batch: to submit give one of requests and request");
    if (action == LLMF_BATCH_SUBMIT && b->requests && !b->count) return LLMFI_WORDS("llmf_batch.count is 0, but requests is not NULL");
    if (action == LLMF_BATCH_COLLECT && !b->result && !b->responses) return LLMFI_WORDS("llmf_batch: has neither result nor responses, so nobody would see an answer; give one of them");
    if ((b->skip || (action == LLMF_BATCH_COLLECT && b->responses)) && !b->count) return LLMFI_WORDS("llmf_batch.count is 0: skip and responses must have that many places");
    if (action == LLMF_BATCH_COLLECT && b->in_order) return LLMFI_WORDS("llmf_batch.in_order: the results of a submitted batch come as the provider gives them");
    if (action != LLMF_BATCH_SUBMIT && !(llmfi_memchr(job->id, '\0', sizeof job->id) && llmfi_bulk_id_ok(llmfi_cstr(job->id))))
        return LLMFI_WORDS("llmf_batch_job.id is no id that LLMF_BATCH_SUBMIT has given");
    return NULL;
}

/* What a submitted batch has besides another. False with *err. */
static bool llmfi_job_open(llmfi_call *c, int action, llmf_batch_job *job, size_t size, llmf_error *err) {
    struct llmfi_many *m = llmfi_many_of(c);
    llmfi_heap *heap = &c->f->heap;
    const llmfi_op_row *host = NULL;
    const llmfi_operation *o;
    struct llmfi_bulk_work *w = (struct llmfi_bulk_work *)llmfi_heap_alloc(heap, sizeof *w);
    if (!w) return llmfi_error_memory(err);
    memset(w, 0, sizeof *w);
    m->bulk = w;
    if (action == LLMF_BATCH_COLLECT && m->given.count) {
        w->seen = (unsigned char *)llmfi_heap_alloc(heap, (m->given.count - 1) / 8 + 1);
        if (!w->seen) return llmfi_error_memory(err);
        memset(w->seen, 0, (m->given.count - 1) / 8 + 1);
    }
    w->action = action;
    w->job = job;
    w->job_size = size;
    w->b.heap = heap;
    w->b.collects = action == LLMF_BATCH_COLLECT;
    w->b.take = llmfi_bulk_take;
    w->b.user = c;
    if (action != LLMF_BATCH_SUBMIT) memcpy(w->b.id, job->id, llmfi_strlen(job->id) + 1);
    else m->given.responses = NULL;
    llmfi_buf_init(&w->b.response, heap, 0);
    llmfi_buf_init(&w->b.error, heap, 0);
    c->req.op = LLMF_OP_BATCH;
    if (!llmfi_call_prepare(c, m->given.model)) {
        *err = c->reply.error;
        return false;
    }
#if LLMF_HAS_ROUTES
    if (c->route) return llmfi_error_set(err, LLMF_ERR_UNSUPPORTED, "llmf_start_job: llmf_batch.model is a route; a batch of the provider's is of one model");
#endif
    o = c->prepared->dialect ? NULL : llmfi_op_of(c->prepared->record.provider, LLMF_OP_BATCH, &host);
    if (!o) {
        (void)llmfi_op_missing(c);
        *err = c->reply.error;
        return false;
    }
    w->b.form = llmfi_bulk_form_of(o, host);
    return true;
}

LLMF_API llmf_call llmf_start_job_abi(llmf_factory *f, int action, const llmf_batch *batch, size_t batch_size, llmf_batch_job *job, size_t job_size, size_t req_size, size_t response_size) {
    llmf_call id = {0};
    llmf_batch given;
    llmf_error err;
    int saved = LLMFI_ERRNO;
    llmfi_call *c = llmfi_batch_begin(f, batch, batch_size, &given);
    llmfi_error_clear(&err);
    given.at_once = 1; /* step by step */
    if (c) id = llmfi_batch_go(c, llmfi_batch_open(c, &given, req_size, response_size, llmfi_job_wrong(action, &given, job), &err) && llmfi_job_open(c, action, job, job_size, &err), &err);
    LLMFI_SET_ERRNO(saved);
    return id;
}

#endif
#else

LLMF_API llmf_call llmf_start_batch_abi(llmf_factory *f, const llmf_batch *batch, size_t batch_size, size_t req_size, size_t response_size) {
    llmf_call none = {0};
    (void)batch, (void)batch_size, (void)req_size, (void)response_size;
    if (f) llmfi_error_left_out(&f->last_error, "llmf_start_batch", "BATCH");
    return none;
}

#endif

#if !LLMF_HAS_JOBS
LLMF_API llmf_call llmf_start_job_abi(llmf_factory *f, int action, const llmf_batch *batch, size_t batch_size, llmf_batch_job *job, size_t job_size, size_t req_size, size_t response_size) {
    llmf_call none = {0};
    (void)action, (void)batch, (void)batch_size, (void)job, (void)job_size, (void)req_size, (void)response_size;
    if (f) llmfi_error_left_out(&f->last_error, "llmf_start_job", "JOBS");
    return none;
}
#endif
#endif
