/* Many requests, a few at a time. A batch is a call of its own, which sends nothing and keeps others under way: ordinary calls that end with it, whose results are handed
   to the program one by one and forgotten. So what it needs does not grow with how many there are, and it is polled, cancelled and freed as any other call.
   A call has no room for what it has to do with a batch: its slot knows. */
#ifndef LLMFI_ENGINE_MANY_H
#define LLMFI_ENGINE_MANY_H
#include "core.h"
#include "settle.h"

#if LLMF_HAS_BATCH

enum { LLMFI_MANY_AT_ONCE = 16 };

/* A place for a call of the batch. */
typedef struct llmfi_many_item {
    struct llmfi_many *of;
    llmfi_call *call;                        /* NULL: it was freed by somebody else */
    size_t index;
    struct llmfi_many_item *next;            /* of those that are free; of `first` */
} llmfi_many_item;

struct llmfi_many {
    llmfi_many_item self;                    /* what the slot of the batch itself points to */
    llmf_batch given;
    size_t req_size, response_size;          /* as the program has them */
    llmf_request *ask;                       /* room for one request of either size */
    size_t ask_size;
    llmf_model ask_model;
    bool asked;                              /* `ask` has the request of `next`, which could not be begun yet */
    size_t next, done, failed, skipped;      /* the index that is asked for next; results handed over, and how many of them are errors */
    int running, most;                       /* under way; at most: less than was asked for where there is no memory for more */
    bool over;                               /* there are no more requests */
    llmfi_spent spent;
#if LLMF_HAS_JOBS
    struct llmfi_bulk_work *bulk;            /* the provider does it: see bulk.h; NULL: the requests are sent one by one */
#endif
    llmfi_many_item *at;                     /* all places */
    size_t places;
    llmfi_many_item *free, *first, *last;    /* first to last: those that have ended; in_order: all, as they were begun */
};

static void llmfi_abort(llmfi_call *c, int code, const char *text);
static void llmfi_hand_out(llmfi_call *c);
static llmfi_call *llmfi_call_open(llmf_factory *f, const llmf_request *req, size_t size);
static void llmfi_call_begin(llmfi_call *c, llmf_model m);
static void llmfi_call_release(llmfi_call *c);
#if LLMF_HAS_JOBS
static void llmfi_bulk_run(llmfi_call *c);
static void llmfi_bulk_close(llmf_factory *f, struct llmfi_bulk_work *w);
#endif

static llmfi_many_item **llmfi_many_slot(const llmfi_call *c) {
    return &c->f->slots[(uint32_t)c->id - 1].item;
}

/* The batch that a call is; NULL: it is none. */
static struct llmfi_many *llmfi_many_of(const llmfi_call *c) {
    llmfi_many_item *item = *llmfi_many_slot(c);
    return item && item == &item->of->self ? item->of : NULL;
}

#define llmfi_is_many(c) (llmfi_many_of(c) != NULL)

/* ---- from call to batch ---- */

static void llmfi_many_append(struct llmfi_many *m, llmfi_many_item *item) {
    item->next = NULL;
    if (m->last) m->last->next = item;
    else m->first = item;
    m->last = item;
}

/* A call has ended: the batch that it is of looks at it in llmf_poll. */
static void llmfi_many_ended(llmfi_call *c) {
    llmfi_many_item *item = *llmfi_many_slot(c);
    if (!item || item == &item->of->self) return;
    item->of->running--;
    if (!item->of->given.in_order) llmfi_many_append(item->of, item);
    c->f->deferred = true;
}

/* A call is given back: of a batch, because somebody has freed it or the factory closes. */
static void llmfi_many_forget(llmfi_call *c) {
    llmfi_many_item **at = llmfi_many_slot(c), *item = *at;
    if (item && item != &item->of->self) {
        if (!c->ended) llmfi_many_ended(c);
        item->call = NULL;
    }
    *at = NULL;
}

/* ---- results ---- */

/* The batch has ended: its response is the sum. */
static void llmfi_many_settle(llmfi_call *c) {
    const struct llmfi_many *m = llmfi_many_of(c);
    if (!m) return;
    c->response.usage = m->spent.usage;
    c->response.cost_pico = m->spent.cost;
    c->response.attempt_count = 0;
    c->response.attempt_total = 0;
}

static bool llmfi_many_stopped(const llmfi_call *c) {
    return c->stop || c->free_later || c->f->closing || c->reply.error.code != LLMF_OK;
}

/* One result goes to the program. True: the call stays open, as it is the program's now. */
static bool llmfi_many_tell(llmfi_call *c, struct llmfi_many *m, const llmfi_many_item *item) {
    llmfi_call *k = item->call;
    bool keep = k && m->given.responses;
    llmf_batch_item told;
    m->done++;
    c->f->events++;
    if (!k || k->response.error.code != LLMF_OK) m->failed++;
    if (!k) return false; /* whoever freed it wants no result */
    if (k->req.on_event && !k->taken) {
        k->req.simulate_stream = 0; /* its end has come */
        llmfi_hand_out(k);
    }
    llmfi_spent_add(&m->spent, k);
    if (keep) memcpy((char *)m->given.responses + item->index * m->response_size, &k->response, m->response_size < sizeof k->response ? m->response_size : sizeof k->response);
    if (!m->given.result) return keep;
    memset(&told, 0, sizeof told);
    told.index = item->index;
    told.response = &k->response;
    told.done = m->done;
    told.failed = m->failed;
    told.skipped = m->skipped;
    told.count = m->given.count;
    told.under_way = m->running;
    c->calling = true;
    if (m->given.result(m->given.user, &told) != LLMF_CONTINUE) c->stop = c->f->deferred = true;
    c->calling = false;
    return keep && !k->free_later;
}

/* All results whose turn it is; where time is sliced, the rest of them at the next llmf_poll. */
static void llmfi_many_hand(llmfi_call *c, struct llmfi_many *m) {
    llmfi_many_item *item;
    bool served = false;
    while (!llmfi_many_stopped(c) && (item = m->first) != NULL && (!item->call || item->call->ended)) {
        if (served && llmfi_slice_over(&c->f->net)) {
            c->f->deferred = true;
            return;
        }
        served = true;
        m->first = item->next;
        if (!m->first) m->last = NULL;
        if (llmfi_many_tell(c, m, item)) *llmfi_many_slot(item->call) = NULL;
        else if (item->call) llmfi_call_release(item->call);
        item->call = NULL;
        item->next = m->free;
        m->free = item;
    }
}

/* ---- requests ---- */

/* The request that is next, into m->ask: each is asked for once. LLMF_CONTINUE; LLMF_STOP: there are no more; LLMF_SKIP: it needs no answer. */
static int llmfi_many_ask(llmfi_call *c, struct llmfi_many *m) {
    const llmf_batch *b = &m->given;
    int rc;
    if (m->asked) return LLMF_CONTINUE;
    m->ask_model = b->model;
    if (b->count && m->next >= b->count) return LLMF_STOP;
    if (b->skip && b->skip[m->next]) return LLMF_SKIP;
    memset(m->ask, 0, m->ask_size);
    if (!b->request) {
        memcpy(m->ask, (const char *)b->requests + m->next * m->req_size, m->req_size);
        return LLMF_CONTINUE;
    }
    c->calling = true;
    rc = b->request(b->user, m->next, m->ask, &m->ask_model);
    c->calling = false;
    if (rc != LLMF_CONTINUE && rc != LLMF_STOP && rc != LLMF_SKIP)
        llmfi_error_set(&c->reply.error, LLMF_ERR_ARGUMENT, "llmf_batch.request must return LLMF_CONTINUE, LLMF_STOP or LLMF_SKIP");
    return rc;
}

/* There is no room for one more now. With others under way it goes on when one of them has ended. */
static bool llmfi_many_wait(llmfi_call *c, struct llmfi_many *m, bool memory) {
    if (!m->running && !m->first) c->reply.error = c->f->last_error;
    else if (memory && m->running && m->running < m->most) {
        m->most = m->running;
        llmfi_log(c->f, LLMF_LOG_WARNING, 4, LLMFI_LIT("a batch has fewer requests under way than llmf_batch.at_once says: llmf_desc.memory_size does not do for more"));
    }
    return false;
}

/* False: nothing was begun, and nothing can be for now. */
static bool llmfi_many_begin(llmfi_call *c, struct llmfi_many *m) {
    llmfi_many_item *item = m->free;
    llmfi_call *k;
    int rc;
    if (!c->f->free_slot) {
        llmfi_error_set(&c->f->last_error, LLMF_ERR_LIMIT, "llmf_start_batch: as many calls as llmf_desc.max_calls are open, so nothing can be begun: free some, or raise it");
        return llmfi_many_wait(c, m, false);
    }
    rc = llmfi_many_ask(c, m);
    if (llmfi_many_stopped(c)) return false;
    if (rc == LLMF_STOP) {
        m->over = true;
        return false;
    }
    if (rc == LLMF_SKIP) {
        m->next++;
        m->skipped++;
        return true;
    }
    m->asked = true;
    k = llmfi_call_open(c->f, m->ask, sizeof *m->ask);
    if (!k) return llmfi_many_wait(c, m, true);
    if (!k->req.on_event) { /* its events are nobody's, and it is no call that llmf_poll counts */
        k->quiet = k->taken = true;
        c->f->active--;
    }
    llmfi_call_begin(k, m->ask_model);
    if (k->ended && k->response.error.code == LLMF_ERR_MEMORY && m->running) { /* nothing was sent: it is begun again */
        c->f->last_error = k->response.error;
        llmfi_call_release(k);
        return llmfi_many_wait(c, m, true);
    }
    m->asked = false;
    m->free = item->next;
    item->call = k;
    item->index = m->next++;
    *llmfi_many_slot(k) = item;
    m->running++;
    if (m->given.in_order) llmfi_many_append(m, item);
    if (k->ended) llmfi_many_ended(k);
    return true;
}

/* Something may have happened: results are handed over, and others begun in their places. Ends the batch where nothing is left to do. */
static void llmfi_many_work(llmfi_call *c) {
    struct llmfi_many *m = llmfi_many_of(c);
    int begun = 0;
#if LLMF_HAS_JOBS
    if (m->bulk) {
        llmfi_bulk_run(c);
        return;
    }
#endif
    llmfi_many_hand(c, m);
    while (!llmfi_many_stopped(c) && !m->over && m->free && m->running < m->most) {
        if (begun++ == m->most || (begun > 1 && llmfi_slice_over(&c->f->net))) { /* what ends at once shall not keep llmf_poll for ever */
            c->f->deferred = true;
            return;
        }
        if (!llmfi_many_begin(c, m)) break;
    }
    if (c->stop || c->free_later || c->f->closing) c->f->deferred = true;
    else if (c->reply.error.code != LLMF_OK) llmfi_abort(c, LLMF_OK, "");
    else if (m->over && !m->running && !m->first) {
        c->reply.terminal = true;
        llmfi_abort(c, LLMF_OK, "");
    }
}

/* The batch is over: so are its calls. */
static void llmfi_many_stop(llmfi_call *c) {
    struct llmfi_many *m = llmfi_many_of(c);
    size_t i;
    if (!m) return;
    m->over = true;
    for (i = 0; i < m->places; i++)
        if (m->at[i].call) llmfi_call_release(m->at[i].call);
    m->first = m->last = NULL;
}

/* Its memory goes; the call behind it. */
static void llmfi_many_free(llmfi_call *c) {
    struct llmfi_many *m = llmfi_many_of(c);
    llmfi_many_stop(c);
    llmfi_many_forget(c);
    if (!m) return;
#if LLMF_HAS_JOBS
    llmfi_bulk_close(c->f, m->bulk);
#endif
    llmfi_heap_free(&c->f->heap, m->ask);
    llmfi_heap_free(&c->f->heap, m->at);
    llmfi_heap_free(&c->f->heap, m);
}

#else

#define llmfi_is_many(c) false

#endif
#endif
