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

/* False with *err: what was made by then is in c's slot. */
static bool llmfi_batch_open(llmfi_call *c, const llmf_batch *b, size_t req_size, size_t response_size, llmf_error *err) {
    llmfi_heap *heap = &c->f->heap;
    const char *wrong = llmfi_batch_wrong(b);
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

LLMF_API llmf_call llmf_start_batch_abi(llmf_factory *f, const llmf_batch *batch, size_t batch_size, size_t req_size, size_t response_size) {
    llmf_call id = {0};
    llmf_batch given;
    llmf_request none;
    llmf_error err;
    llmfi_call *c;
    int saved = LLMFI_ERRNO;
    memset(&given, 0, sizeof given);
    memset(&none, 0, sizeof none);
    llmfi_error_clear(&err);
    if (!f) return id;
    if (!batch) {
        llmfi_error_set(&f->last_error, LLMF_ERR_ARGUMENT, "batch is NULL");
        return id;
    }
    memcpy(&given, batch, batch_size < sizeof given ? batch_size : sizeof given);
    c = llmfi_call_open(f, &none, sizeof none);
    if (!c) return id;
    id.id = c->id;
    c->start_ns = llmfi_now(f);
    f->deferred = true; /* llmf_poll begins with it */
    if (!llmfi_batch_open(c, &given, req_size, response_size, &err)) {
        c->reply.error = err;
        llmfi_finish(c);
    }
    f->now_read = false;
    LLMFI_SET_ERRNO(saved);
    return id;
}

#else

LLMF_API llmf_call llmf_start_batch_abi(llmf_factory *f, const llmf_batch *batch, size_t batch_size, size_t req_size, size_t response_size) {
    llmf_call none = {0};
    (void)batch, (void)batch_size, (void)req_size, (void)response_size;
    if (f) llmfi_error_left_out(&f->last_error, "llmf_start_batch", "BATCH");
    return none;
}

#endif
#endif
