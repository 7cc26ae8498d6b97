/* The life of a call, and its three faces: poll and next, callback, blocking. llmf_poll is the only engine. */
#ifndef LLMFI_ENGINE_CALL_H
#define LLMFI_ENGINE_CALL_H
#include "budget.h"
#include "bulk.h"
#include "info.h"
#include "operation.h"
#include "receive.h"
#include "reload.h"
#include "request.h"
#include "send.h"

/* ---- begin and end of the memory of a call ---- */

static llmfi_call *llmfi_call_new(llmf_factory *f) {
    uint32_t at = f->free_slot;
    llmfi_call *c = at ? (llmfi_call *)llmfi_heap_alloc(&f->heap, sizeof *c) : NULL;
    if (!c) {
        if (at) llmfi_error_memory(&f->last_error);
        else llmfi_error_set(&f->last_error, LLMF_ERR_LIMIT, "as many calls as llmf_desc.max_calls are open: free some, or raise it");
        return NULL;
    }
    memset(c, 0, offsetof(llmfi_call, reply));
    f->free_slot = f->slots[at - 1].next_free;
    f->slots[at - 1].call = c;
    c->id = (uint64_t)f->slots[at - 1].generation << 32 | at;
    c->f = f;
    c->next = f->calls;
    if (c->next) c->next->prev = c;
    f->calls = c;
    f->active++;
    c->deadline_ns = UINT64_MAX;
    c->retry_after_ms = LLMF_UNKNOWN;
    llmfi_arena_init(&c->arena, &f->heap, 0);
    llmfi_reply_init(&c->reply, &f->heap, &c->arena, LLMFI_LIT(""), NULL);
#if LLMF_HAS_FILTERS
    c->shown = &c->reply;
#endif
    llmfi_buf_init(&c->whole, &f->heap, 0);
    llmfi_buf_init(&c->raw, &f->heap, 0);
    return c;
}

static void llmfi_ready_remove(llmfi_call *c) {
    llmf_factory *f = c->f;
    llmfi_call **at = &f->ready_first, *last = NULL;
    if (!c->ready) return;
    while (*at && *at != c) {
        last = *at;
        at = &(*at)->ready_next;
    }
    if (*at) *at = c->ready_next;
    if (f->ready_last == c) f->ready_last = last;
    c->ready = false;
}

static void llmfi_wipe_secrets(llmfi_call *c) {
#if LLMFI_HAS_OWN_HEADERS || LLMF_HAS_AWS
    size_t i;
    for (i = 0; c->secrets && i < c->x.req.header_count; i++)
        if (llmfi_header_secret(c->x.req.headers[i].name)) llmfi_wipe(c->x.req.headers[i].value);
    c->secrets = false;
#endif
#if LLMF_HAS_AWS
    if (c->aws) llmfi_wipe(c->aws->secret);
#endif
    llmfi_wipe(c->secret);
}

static void llmfi_call_release(llmfi_call *c) {
    llmf_factory *f = c->f;
    uint32_t at = (uint32_t)c->id;
    llmfi_budget_settle(c, LLMF_UNKNOWN);
#if LLMF_HAS_EMBED
    llmfi_batches_stop(c);
    llmfi_batches_forget(c);
#endif
    if (!c->ended && !llmfi_is_many(c) && !llmfi_is_bulk(c)) llmfi_seen_end(c, LLMF_ERR_CANCELLED);
#if LLMF_HAS_BATCH
    llmfi_many_free(c);
#endif
    if (c->x.by) c->x.by->cancel(c->x.by, &c->x);
#if LLMF_HAS_RETRY
    llmfi_hedge_forget(c);
    llmfi_attempt_over(c);
#endif
    llmfi_ready_remove(c);
    if (!c->taken) f->active--;
    if (c->prev) c->prev->next = c->next;
    else f->calls = c->next;
    if (c->next) c->next->prev = c->prev;
    llmfi_give_back_decoder(c);
    llmfi_buf_free(&c->raw);
#if LLMF_HAS_CACHE
    llmfi_cache_leave(c);
#endif
#if LLMF_HAS_FILTERS
    llmfi_filters_free(c);
#endif
    llmfi_reply_free(&c->reply);
#if LLMFI_HAS_OPS
    llmfi_op_release(c);
#endif
#if LLMF_HAS_RETRY
    llmfi_tries_free(c);
#endif
#if LLMFI_HAS_STEPS
    llmfi_steps_free(c);
#endif
    llmfi_prepared_release(&f->heap, c->prepared);
    llmfi_wipe_secrets(c);
    llmfi_arena_free(&c->arena);
    llmfi_heap_free(&f->heap, c);
    f->slots[at - 1].call = NULL;
    if (++f->slots[at - 1].generation == 0) f->slots[at - 1].generation = 1;
    f->slots[at - 1].next_free = f->free_slot;
    f->free_slot = at;
}

/* ---- start ---- */

static bool llmfi_call_prepare(llmfi_call *c, llmf_model m) {
    llmf_factory *f = c->f;
    uint32_t at = llmfi_handle_at(&f->handles, m);
    if (!at) {
        llmfi_error_set(&c->reply.error, LLMF_ERR_STALE, m.id ? "the model handle has ended (llmf_drop)" : "the model handle is 0: llmf_get failed, look at its error");
        return false;
    }
    c->prepared = llmfi_handle_use(&f->handles, f->config, at, &c->reply.error);
    if (!c->prepared) return false;
    c->prepared->references++;
#if LLMF_HAS_ROUTES
    c->route = llmfi_handle_slot(&f->handles, at)->route;
#endif
#if LLMFI_HAS_HEALTH
    if (!c->prepared->health) c->prepared->health = llmfi_health_of(f, &c->prepared->record);
#endif
    return true;
}

static void llmfi_call_log(llmfi_call *c) {
#if !LLMF_HAS_STRINGS
    llmfi_log(c->f, LLMF_LOG_INFO, 1, c->prepared->record.s.model_id);
#else
    char line[256];
    llmfi_text t = llmfi_text_in(line, sizeof line);
    if (!c->f->desc.log || c->f->desc.log_level < LLMF_LOG_INFO) return;
    LLMFI_SAY(&t, "using ");
    llmfi_say(&t, c->prepared->record.provider->name);
    LLMFI_SAY(&t, ": ");
    llmfi_say(&t, c->prepared->record.s.model_id);
    llmfi_log(c->f, LLMF_LOG_INFO, 1, llmfi_str(line, t.len));
#endif
}

/* Everything up to the first byte on the wire, for the model that is prepared. False with the error in the reply. */
static bool llmfi_call_build_on(llmfi_call *c) {
#if LLMF_HAS_RETRY
    if (!llmfi_keep_begin(c)) return false;
#endif
    c->reply.user = &c->prepared->record.s;
    c->reply.provider = c->prepared->record.provider->name;
#if LLMF_HAS_RUN
    if (llmfi_in_run(c)) c->reply.ids = (uint16_t)c->steps->run->used; /* so that no id that is made comes twice */
#endif
    if (!llmfi_cache_mode_ok(c) || !llmfi_simulate_ok(c)) return false;
    c->reply.discard = (c->req.flags & LLMF_DISCARD_TEXT) != 0;
    c->reply.streamed = c->req.stream;
#if LLMFI_HAS_OPS
    c->ask.req = &c->req;
    c->ask.model = &c->prepared->record.s;
    if (c->req.op) return llmfi_take_op(c) && llmfi_filters_before(c) && (llmfi_is_split(c) || llmfi_build_http(c));
#else
    if (c->req.op) return llmfi_error_left_out(&c->reply.error, "llmf_request.op", "EMBED");
    c->ask.req = &c->req;
    c->ask.model = &c->prepared->record.s;
#endif
    return llmfi_take_request(c) && llmfi_filters_before(c) && llmfi_build_http(c);
}

static bool llmfi_call_build(llmfi_call *c, llmf_model m) {
    bool traced = llmfi_trace_begin(c); /* first of all: its spans want a time and a place however it ends */
#if LLMFI_HAS_STEPS
    if (c->reply.error.code != LLMF_OK) return false; /* a chain or run that is wrong */
    if (c->steps) return traced && llmfi_steps_first(c);
#endif
    return llmfi_call_prepare(c, m) && traced && llmfi_call_build_on(c);
}

static llmfi_call *llmfi_call_open(llmf_factory *f, const llmf_request *req, size_t size) {
    llmfi_call *c;
    if (!req) {
        llmfi_error_set(&f->last_error, LLMF_ERR_ARGUMENT, "req is NULL");
        return NULL;
    }
    c = llmfi_call_new(f);
    if (c) memcpy(&c->req, req, size < sizeof c->req ? size : sizeof c->req);
    return c;
}

#if LLMF_HAS_SECRETS
/* Fetches what the call waits for; what is there at once is built in. False with the error in the reply; else it may still wait. */
static bool llmfi_secret_go(llmfi_call *c) {
    int i;
    for (i = 0; i < 8 && c->waits == LLMFI_WAITS_SECRET; i++) {
        llmfi_secret *s = llmfi_secret_by_id(c->f, c->secret_id);
        if (s && s->state == LLMFI_SECRET_NONE) llmfi_secret_ask(c->f, s, c->req.timeouts.connect_ms);
        if (s) c->secret_id = s->id;
        if (s && s->state == LLMFI_SECRET_ASKING) return true;
        c->waits = LLMFI_WAITS_NOT;
        if (!llmfi_build_http(c)) return false;
    }
    return c->waits != LLMFI_WAITS_SECRET || llmfi_error_set(&c->reply.error, LLMF_ERR_AUTH, "the key that was fetched did not last until it could be used");
}
#endif

/* Sends what was built, in pieces where it is too large for one request, or asks for what it waits for. */
static bool llmfi_call_go(llmfi_call *c) {
#if LLMF_HAS_CACHE
    if (llmfi_cache_serve(c)) return true;
#endif
#if LLMF_HAS_SECRETS
    if (c->waits == LLMFI_WAITS_SECRET && !llmfi_secret_go(c)) return false;
    if (c->waits == LLMFI_WAITS_SECRET) return true;
#endif
#if LLMF_HAS_AWS
    if (c->waits) {
        llmfi_keys_ask(c->f);
        return true;
    }
#endif
#if LLMF_HAS_EMBED
    if (llmfi_is_split(c)) return llmfi_batches_open(c);
#endif
#if LLMF_HAS_JOBS
    if (llmfi_is_bulk(c)) return llmfi_send(c);
#endif
#if LLMF_HAS_RETRY
    switch (llmfi_admit(c)) {
    case LLMFI_QUEUED: return true;
    case LLMFI_REFUSED: return false;
    default: break;
    }
#endif
    if (!llmfi_budget_reserve(c) || !llmfi_send(c)) return false;
    llmfi_call_log(c);
    return true;
}

#if LLMFI_HAS_WAITS
/* A call need not wait any more: it is built anew, and goes on. */
static void llmfi_waited(llmfi_call *c) {
    c->waits = LLMFI_WAITS_NOT;
    c->f->deferred = true; /* it may end at once, and that is told behind this */
    if (c->ended || c->stop || c->free_later) return;
    if (llmfi_build_http(c) && llmfi_call_go(c)) llmfi_set_deadline(c);
    else if (c->reply.error.code == LLMF_OK) llmfi_error_memory(&c->reply.error);
}
#endif

#if LLMF_HAS_AWS
/* The keys are there, or will not come. */
static void llmfi_run_keys(llmf_factory *f) {
    llmfi_call *c;
    if (!llmfi_keys_settled(f)) return;
    f->deferred = true;
    for (c = f->calls; c; c = c->next)
        if (c->waits == LLMFI_WAITS_AWS) llmfi_waited(c);
#if LLMF_HAS_SECRETS && LLMFI_HAS_STORES
    llmfi_secrets_keys(f);
#endif
}
#endif

#if LLMF_HAS_SECRETS
/* Calls whose secret has come, or will not. */
static void llmfi_run_secrets(llmf_factory *f) {
    llmfi_call *c;
#if LLMFI_HAS_STORES
    llmfi_secrets_settle(f);
#endif
    for (c = f->calls; c; c = c->next) {
        const llmfi_secret *s = c->waits == LLMFI_WAITS_SECRET ? llmfi_secret_by_id(f, c->secret_id) : NULL;
        if (c->waits == LLMFI_WAITS_SECRET && !(s && s->state == LLMFI_SECRET_ASKING)) llmfi_waited(c);
    }
}
#endif

#if LLMF_HAS_RETRY
/* The next attempt of a call that goes on. */
static void llmfi_try_start(llmfi_call *c) {
    struct llmfi_tries *t = c->tries;
    bool ok;
#if LLMF_HAS_EMBED
    llmfi_call *parent = llmfi_parent(c);
#endif
    if (t->queued) llmfi_queue_remove(c);
    t->wait_ms = t->ended_ns ? llmfi_between_ms(t->ended_ns, c->f->now_ns) : 0;
    t->due_ns = 0;
    t->noted = false;
    llmfi_call_rewind(c);
    c->attempt_ns = c->f->now_ns;
#if LLMF_HAS_EMBED
    if (parent) {
        c->reply.user = &c->prepared->record.s;
        c->reply.provider = c->prepared->record.provider->name;
        c->ask.req = &c->req;
        c->ask.model = &c->prepared->record.s;
        ok = llmfi_batch_send(parent, c);
    } else
#endif
        ok = llmfi_call_build_on(c) && llmfi_call_go(c);
    if (ok) llmfi_set_deadline(c);
    else llmfi_finish(c);
}

/* Calls that wait for room, in their order. */
static void llmfi_run_queue(llmf_factory *f) {
    llmfi_call *c, *next;
    for (c = f->queue_first; c; c = next) {
        uint64_t due = 0;
        next = c->tries->queue_next;
        if (c->calling) continue;
        if (llmfi_has_room(c, &due)) {
            llmfi_try_start(c);
        } else {
            c->tries->due_ns = due;
            llmfi_set_deadline(c);
        }
    }
}
#endif

static void llmfi_call_begin(llmfi_call *c, llmf_model m) {
    c->start_ns = c->attempt_ns = llmfi_now(c->f);
    if (llmfi_call_build(c, m) && llmfi_call_go(c)) {
        llmfi_set_deadline(c);
        llmfi_seen_start(c);
    } else {
        c->calling = true; /* nobody knows its id yet: no callback before llmf_start has returned */
        llmfi_finish(c);
        c->calling = false;
        if (c->req.on_event) c->f->deferred = true;
    }
    c->f->now_read = false;
}

LLMF_API llmf_call llmf_start_abi(llmf_factory *f, llmf_model m, const llmf_request *req, size_t req_size) {
    llmf_call id = {0};
    llmfi_call *c = f ? llmfi_call_open(f, req, req_size) : NULL;
    int saved = LLMFI_ERRNO;
    if (!c) return id;
    id.id = c->id;
    llmfi_call_begin(c, m);
    LLMFI_SET_ERRNO(saved);
    return id;
}

/* ---- poll ---- */

static void llmfi_run_timers(llmf_factory *f) {
    llmfi_call *c, *next;
    if (f->now_ns < f->next_deadline_ns) return;
    f->next_deadline_ns = UINT64_MAX;
#if LLMFI_HAS_FETCH
    llmfi_fetches_timer(f);
#endif
#if LLMF_HAS_SOURCES
    llmfi_sources_timer(f);
#endif
#if LLMF_HAS_SECRETS
    llmfi_secrets_timer(f);
#endif
    for (c = f->calls; c; c = next) {
        next = c->next;
        if (c->deadline_ns <= f->now_ns) llmfi_set_deadline(c); /* something has come since it was set */
#if LLMF_HAS_RUN
        if (c->deadline_ns <= f->now_ns && llmfi_run_waits(c) && llmfi_run_due_ns(c) <= f->now_ns) {
            f->deferred = true;
            continue;
        }
#endif
#if LLMF_HAS_RETRY
        if (c->deadline_ns <= f->now_ns && llmfi_retry_due(c)) {
            if (c->deadline_ns > f->now_ns && c->deadline_ns < f->next_deadline_ns) f->next_deadline_ns = c->deadline_ns;
            continue;
        }
#endif
        if (c->deadline_ns <= f->now_ns) {
            char text[128];
            llmfi_text t = llmfi_text_in(text, sizeof text);
            LLMFI_SAY(&t, "timeout, ");
            llmfi_say_c(&t, c->deadline_what);
            if (c->reply.terminal && !llmfi_run_waits(c)) llmfi_abort(c, LLMF_OK, "");
            else llmfi_abort(c, LLMF_ERR_TIMEOUT, text);
        } else if (c->deadline_ns < f->next_deadline_ns) {
            f->next_deadline_ns = c->deadline_ns;
        }
    }
}

/* What was asked for inside a callback or found out while decoding: ends now, outside of both. */
static void llmfi_run_deferred(llmf_factory *f) {
    llmfi_call *c, *next;
    if (!f->deferred) return;
    f->deferred = false;
#if LLMF_HAS_AWS
    llmfi_run_keys(f);
#endif
#if LLMF_HAS_SOURCES
    llmfi_loading_work(f);
#endif
#if LLMF_HAS_SECRETS
    llmfi_run_secrets(f);
#endif
#if LLMF_HAS_RETRY
    llmfi_run_queue(f);
#endif
    for (c = f->calls; c; c = next) {
        next = c->next;
        if (c->calling) {
            f->deferred = true;
            continue;
        }
#if LLMF_HAS_RETRY
        if (llmfi_hedge_of(c) && !c->free_later && !c->stop && llmfi_hedge_work(c)) continue;
#endif
        if (c->free_later) llmfi_call_release(c);
        else if (c->stop && !c->ended) llmfi_abort(c, LLMF_ERR_CANCELLED, LLMFI_WORDS("cancelled by the caller"));
        else if (c->reply.error.code != LLMF_OK && !c->ended) llmfi_abort(c, LLMF_OK, "");
#if LLMF_HAS_CACHE
        else if (llmfi_cache_hit(c) && !c->ended) llmfi_cache_play(c);
#endif
#if LLMF_HAS_EMBED
        else if (llmfi_is_split(c) && !c->ended) llmfi_batches_work(c);
#endif
#if LLMFI_HAS_STEPS
        else if (llmfi_steps_due(c)) llmfi_steps_next(c);
#endif
#if LLMF_HAS_BATCH
        else if (llmfi_many_of(c) && !c->ended) llmfi_many_work(c);
#endif
#if LLMF_HAS_RETRY
        else if (llmfi_try_due(c)) llmfi_try_start(c);
        else if (c->hedge_due) llmfi_hedge_start(c);
#endif
#if LLMF_HAS_SIMULATE
        else if (c->simulated && c->simulated != f->polls) {
            c->simulated = 0;
            llmfi_hand_out(c);
        } else if (c->simulated) f->deferred = true;
#endif
        else if (c->req.on_event) llmfi_hand_out(c);
    }
}

/* A call that had been stopped goes on. The silence until now was not the provider's. */
static void llmfi_go_on(llmfi_call *c) {
    int saved = LLMFI_ERRNO;
    c->held_back = false;
    c->content_ns = llmfi_now(c->f);
    if (c->terminal_ns) c->terminal_ns = c->content_ns;
    c->x.by->resume(c->x.by, &c->x);
    llmfi_set_deadline(c);
    LLMFI_SET_ERRNO(saved);
}

/* Calls that the slice or a full queue had stopped; one whose events nobody has taken yet stays stopped. Where the slice ends before all have had their turn,
   the next poll begins with the next one. (Nothing is freed meanwhile: llmf_free inside of llmf_poll waits.) */
static void llmfi_run_held(llmf_factory *f) {
    llmfi_call *first = f->calls, *c;
    bool served = false;
#if LLMF_HAS_SLICES
    while (first && first->id != f->held_turn) first = first->next;
    if (!first) first = f->calls;
#endif
    for (c = first; c;) {
        bool stopped = c->held_back && c->x.by && !llmfi_full(c);
        if (stopped && served && llmfi_slice_over(&f->net)) {
            f->held = true;
            f->held_turn = c->id;
            return;
        }
        if (stopped) llmfi_go_on(c);
        served = served || stopped;
        c = c->next ? c->next : f->calls;
        if (c == first) return;
    }
}

#if LLMF_HAS_MCP
static void llmfi_pumps_run(llmf_factory *f) {
    llmfi_pump *p;
    for (p = f->pumps; p; p = p->next) p->run(p);
}

static bool llmfi_pumps_busy(const llmf_factory *f) {
    const llmfi_pump *p = f->pumps;
    while (p && !p->busy) p = p->next;
    return p != NULL;
}
#endif

static void llmfi_work(llmf_factory *f) {
    size_t i;
    f->now_read = false; /* a transport may wait in its tick */
    for (i = 0; i < f->transport_count; i++)
        if (f->transports[i]->tick) f->transports[i]->tick(f->transports[i]);
    if (f->held) {
        f->held = false;
        llmfi_run_held(f);
    }
    (void)llmfi_moment(f);
#if LLMF_HAS_SECRETS
    llmfi_secrets_pump(f);
#endif
#if LLMF_HAS_MCP
    llmfi_pumps_run(f);
#endif
    llmfi_run_deferred(f);
}

/* Milliseconds until something is due, at most `most` (below 0: any time). */
static int64_t llmfi_wait_ms(const llmf_factory *f, int64_t most) {
    size_t i;
    int64_t ms = most;
    if (f->next_deadline_ns != UINT64_MAX) {
        int64_t due = f->next_deadline_ns <= f->now_ns ? 0 : (int64_t)((f->next_deadline_ns - f->now_ns + LLMFI_MS - 1) / LLMFI_MS);
        if (ms < 0 || due < ms) ms = due;
    }
    for (i = 0; i < f->transport_count; i++) {
        int64_t due = f->transports[i]->wait_ms ? f->transports[i]->wait_ms(f->transports[i]) : -1;
        if (due >= 0 && (ms < 0 || due < ms)) ms = due;
    }
#if LLMF_HAS_SECRETS
    if (f->secrets.pumped && (ms < 0 || ms > LLMFI_SECRET_PUMP_MS)) ms = LLMFI_SECRET_PUMP_MS;
#endif
#if LLMF_HAS_MCP
    if (llmfi_pumps_busy(f) && (ms < 0 || ms > LLMFI_PUMP_MS)) ms = LLMFI_PUMP_MS;
#endif
    if (f->deferred || f->held) ms = 0;
    return ms;
}

static bool llmfi_stop_waiting(void *user) {
    return llmfi_slice_over(&((llmf_factory *)user)->net);
}

/* Something has come for the caller. `next`: what waits for llmf_next counts too. */
static bool llmfi_news(const llmf_factory *f, uint64_t before, bool next) {
    return f->events != before || (next && f->ready_first) || !f->active || f->closing;
}

/* Timers only behind the waiting: what is there already when a poll comes late is no timeout. */
static void llmfi_poll_until(llmf_factory *f, int timeout_ms, uint64_t until, bool next) {
    uint64_t before = f->events;
    bool woken, late = f->unwatched;
    if (!late) llmfi_work(f);
    do {
        int64_t left = timeout_ms < 0 ? -1 : until > f->now_ns ? (int64_t)((until - f->now_ns + LLMFI_MS - 1) / LLMFI_MS) : 0;
        int64_t wait = llmfi_news(f, before, next) ? 0 : llmfi_wait_ms(f, left);
        if (wait > 60000) wait = 60000;
        woken = true;
        f->unwatched = !late && llmfi_slice_over(&f->net);
        late = false;
        if (!f->unwatched) {
            f->now_read = false;
            woken = llmfi_watch_wait(&f->watch, (int)wait, llmfi_stop_waiting, f) > 0;
            if (llmfi_watch_woken(&f->watch)) woken = true;
            (void)llmfi_moment(f);
            llmfi_work(f);
        }
        llmfi_run_timers(f);
        llmfi_run_deferred(f);
    } while (timeout_ms != 0 && !llmfi_news(f, before, next) && !woken && f->now_ns < until && !llmfi_slice_over(&f->net));
}

static int llmfi_poll(llmf_factory *f, int timeout_ms, bool next) {
    int saved = LLMFI_ERRNO, active;
    if (!f || f->polling) return -LLMF_ERR_ARGUMENT; /* from inside a callback */
    f->polling = true;
    f->slice_used = false;
#if LLMF_HAS_SIMULATE
    if (!++f->polls) f->polls = 1;
#endif
    llmfi_now(f);
    llmfi_budget_tell(f);
#if LLMF_HAS_SLICES
    if (f->desc.slice_us > 0) f->net.slice_end_ns = f->now_ns + (f->desc.slice_us < INT64_MAX / 4000 ? (uint64_t)f->desc.slice_us * 1000u : INT64_MAX / 4);
#endif
    llmfi_poll_until(f, timeout_ms, timeout_ms < 0 ? UINT64_MAX : llmfi_after_ms(f->now_ns, timeout_ms), next);
    f->net.slice_end_ns = 0;
    llmfi_budget_tell(f);
    f->now_read = false;
    f->polling = false;
    active = f->closing ? -LLMF_ERR_STALE : f->active;
    if (f->closing) llmf_close(f);
    LLMFI_SET_ERRNO(saved);
    return active;
}

LLMF_API int llmf_poll(llmf_factory *f, int timeout_ms) {
    return llmfi_poll(f, timeout_ms, true);
}

/* ---- next ---- */

/* All that was decoded is taken: the transport may go on where it was stopped, at once or, where time is sliced or answers are filtered, in the next llmf_poll. */
static bool llmfi_advance(llmfi_call *c, llmf_event *ev) {
    if (llmfi_pop_event(c, ev)) return true;
    if (c->held_back && c->x.by && (c->f->desc.slice_us > 0 || llmfi_is_filtered(c))) { /* hooks of filters run in llmf_poll only */
        c->f->held = true;
    } else if (c->held_back && c->x.by) {
        llmfi_go_on(c);
        if (!c->ended && c->reply.error.code != LLMF_OK) llmfi_abort(c, LLMF_OK, "");
        if (llmfi_pop_event(c, ev)) return true;
    }
    llmfi_ready_remove(c); /* else llmf_poll would not wait */
    if (llmfi_run_waits(c)) c->f->deferred = true; /* all is taken: its functions are next */
    return false;
}

static void llmfi_copy_event(llmf_event *to, size_t size, const llmf_event *ev) {
    if (size >= sizeof *ev) *to = *ev; /* a size that the compiler knows: no call */
    else memcpy((void *)to, ev, size);
}

LLMF_API bool llmf_next_abi(llmf_factory *f, llmf_call id, llmf_event *ev, size_t ev_size) {
    llmfi_call *c = llmfi_call_of(f, id);
    llmf_event event;
    if (!c || !ev || c->req.on_event || !llmfi_advance(c, &event)) return false;
    llmfi_copy_event(ev, ev_size, &event);
    return true;
}

LLMF_API bool llmf_next_any_abi(llmf_factory *f, llmf_event *ev, size_t ev_size) {
    llmf_event event;
    llmfi_call *c;
    if (!f || !ev) return false;
    while ((c = f->ready_first) != NULL) {
        if (llmfi_advance(c, &event)) {
            llmfi_copy_event(ev, ev_size, &event);
            return true;
        }
    }
    return false;
}

/* ---- cancel, free, status ---- */

LLMF_API llmf_result llmf_cancel(llmf_factory *f, llmf_call id) {
    llmfi_call *c = llmfi_call_of(f, id);
    int saved = LLMFI_ERRNO;
    if (!c) return LLMF_ERR_STALE;
#if LLMF_HAS_SIMULATE
    if (c->ended && c->simulated) {
        llmfi_simulate_no_more(c);
        if (!c->calling) llmfi_hand_out(c);
    }
#endif
    if (c->calling || f->polling) {
        if (!c->ended) c->stop = f->deferred = true;
    } else {
        llmfi_abort(c, LLMF_ERR_CANCELLED, LLMFI_WORDS("cancelled by the caller"));
    }
    LLMFI_SET_ERRNO(saved);
    return LLMF_OK;
}

LLMF_API void llmf_free(llmf_factory *f, llmf_call id) {
    llmfi_call *c = llmfi_call_of(f, id);
    int saved = LLMFI_ERRNO;
    if (!c) return;
    if (c->calling || f->polling) {
        c->free_later = f->deferred = true;
        llmfi_ready_remove(c);
    } else {
        llmfi_call_release(c);
    }
    LLMFI_SET_ERRNO(saved);
}

LLMF_API llmf_result llmf_status(llmf_factory *f, llmf_call id, bool *done) {
    const llmfi_call *c = llmfi_call_of(f, id);
    if (done) *done = !c || c->ended;
    if (!c) return LLMF_ERR_STALE;
    return (llmf_result)(c->ended ? c->response.error.code : LLMF_OK);
}

/* ---- blocking ---- */

/* f NULL: with that code and text, else with the factory's last error. */
static llmf_result llmfi_fail_response(const llmf_factory *f, llmf_response *r, size_t size, int code, const char *text) {
    llmf_response none;
    memset(&none, 0, sizeof none);
    if (f) none.error = f->last_error;
    else llmfi_error_set(&none.error, code, text);
    if (r) memcpy(r, &none, size < sizeof none ? size : sizeof none);
    return (llmf_result)none.error.code;
}

/* It has not ended, or pieces of its reply are still being handed to its callback. */
static bool llmfi_goes(const llmfi_call *c) {
#if LLMF_HAS_SIMULATE
    if (c->simulated && c->req.on_event) return true;
#endif
    return !c->ended;
}

/* Until the call has ended, serving all others meanwhile. */
static llmf_result llmfi_call_wait(llmf_factory *f, llmf_call id, llmf_response *r, size_t r_size) {
    llmfi_call *c;
    while ((c = llmfi_call_of(f, id)) != NULL && llmfi_goes(c)) /* a callback may free the call, or close the factory */
        if (llmfi_poll(f, -1, false) < 0) return llmfi_fail_response(NULL, r, r_size, LLMF_ERR_STALE, "the factory was closed inside a callback");
    if (!c) return llmfi_fail_response(NULL, r, r_size, LLMF_ERR_STALE, "the call was freed inside a callback");
    if (!c->taken) {
        c->taken = true;
        f->active--;
    }
    if (r) memcpy(r, &c->response, r_size < sizeof c->response ? r_size : sizeof c->response);
    return (llmf_result)c->response.error.code;
}

LLMF_API llmf_result llmf_generate_abi(llmf_factory *f, llmf_model m, const llmf_request *req, size_t req_size, llmf_response *r, size_t r_size) {
    llmf_call id;
    llmfi_call *c;
    if (!f || f->polling) return llmfi_fail_response(NULL, r, r_size, LLMF_ERR_ARGUMENT, f ? "llmf_generate inside a callback: use llmf_start" : "the factory is NULL");
    c = llmfi_call_open(f, req, req_size);
    if (!c) return llmfi_fail_response(f, r, r_size, LLMF_OK, "");
    c->quiet = !c->req.on_event;
    id.id = c->id;
    llmfi_call_begin(c, m);
    return llmfi_call_wait(f, id, r, r_size);
}

LLMF_API llmf_result llmf_wait(llmf_factory *f, llmf_call id) {
    llmfi_call *c;
    if (!f || f->polling) {
        if (f) llmfi_error_set(&f->last_error, LLMF_ERR_ARGUMENT, "llmf_wait inside a callback: let llmf_poll return");
        return LLMF_ERR_ARGUMENT;
    }
    while ((c = llmfi_call_of(f, id)) != NULL && llmfi_goes(c)) /* a callback may free the call, or close the factory */
        if (llmfi_poll(f, -1, false) < 0) return LLMF_ERR_STALE;
    return c ? (llmf_result)c->response.error.code : LLMF_ERR_STALE;
}

/* ---- other event loops ---- */

LLMF_API size_t llmf_fds(llmf_factory *f, llmf_fd *fds, size_t cap) {
    return f ? llmfi_watch_list(&f->watch, fds, fds ? cap : 0) : 0;
}

LLMF_API int64_t llmf_deadline_ms(llmf_factory *f) {
    if (!f) return -1;
    if (f->ready_first) return 0;
    llmfi_now(f);
    return llmfi_wait_ms(f, -1);
}

LLMF_API void llmf_wakeup(llmf_factory *f) {
    if (f) llmfi_watch_wake(&f->watch);
}

#endif
