/* The life of a call, and its three faces: poll and next, callback, blocking. llmf_poll is the only engine. */
#ifndef LLMFI_ENGINE_CALL_H
#define LLMFI_ENGINE_CALL_H
#include "info.h"
#include "receive.h"
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
    memset(c, 0, sizeof *c);
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
    llmfi_sse_init(&c->sse, &f->heap, f->desc.max_line, f->desc.max_line);
    llmfi_ndjson_init(&c->ndjson, &f->heap, f->desc.max_line);
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

/* The compiler must not leave this out because nobody reads the bytes again. */
static void llmfi_wipe(llmf_str secret) {
    volatile char *at = (volatile char *)(uintptr_t)secret.ptr;
    size_t i;
    for (i = 0; i < secret.len; i++) at[i] = 0;
}

static void llmfi_call_release(llmfi_call *c) {
    llmf_factory *f = c->f;
    uint32_t at = (uint32_t)c->id;
    if (c->x.by) c->x.by->cancel(c->x.by, &c->x);
    llmfi_ready_remove(c);
    if (!c->taken) f->active--;
    if (c->prev) c->prev->next = c->next;
    else f->calls = c->next;
    if (c->next) c->next->prev = c->prev;
    llmfi_give_back_decoder(c);
    llmfi_buf_free(&c->raw);
    llmfi_reply_free(&c->reply);
    llmfi_prepared_release(&f->heap, c->prepared);
    llmfi_wipe(c->secret);
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
    c->reply.user = &c->prepared->record.s;
    c->reply.provider = c->prepared->record.provider->name;
    return true;
}

static void llmfi_call_log(llmfi_call *c) {
    char line[256];
    llmfi_text t = llmfi_text_in(line, sizeof line);
    if (!c->f->desc.log || c->f->desc.log_level < LLMF_LOG_INFO) return;
    LLMFI_SAY(&t, "using ");
    llmfi_say(&t, c->prepared->record.provider->name);
    LLMFI_SAY(&t, ": ");
    llmfi_say(&t, c->prepared->record.s.model_id);
    llmfi_log(c->f, LLMF_LOG_INFO, 1, llmfi_str(line, t.len));
}

/* Everything up to the first byte on the wire. False with the error in the reply. */
static bool llmfi_call_build(llmfi_call *c, llmf_model m) {
    if (!llmfi_call_prepare(c, m)) return false;
    c->reply.discard = (c->req.flags & LLMF_DISCARD_TEXT) != 0;
    c->reply.streamed = c->req.stream;
    return llmfi_take_request(c) && llmfi_build_http(c);
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

static void llmfi_call_begin(llmfi_call *c, llmf_model m) {
    c->start_ns = llmfi_now(c->f);
    if (llmfi_call_build(c, m) && llmfi_send(c)) {
        llmfi_call_log(c);
        llmfi_set_deadline(c);
    } else {
        llmfi_finish(c);
    }
}

LLMF_API llmf_call llmf_start_abi(llmf_factory *f, llmf_model m, const llmf_request *req, size_t req_size) {
    llmf_call id = {0};
    llmfi_call *c = f ? llmfi_call_open(f, req, req_size) : NULL;
    if (!c) return id;
    id.id = c->id;
    llmfi_call_begin(c, m);
    return id;
}

/* ---- poll ---- */

static void llmfi_run_timers(llmf_factory *f) {
    llmfi_call *c, *next;
    if (f->now_ns < f->next_deadline_ns) return;
    f->next_deadline_ns = UINT64_MAX;
    for (c = f->calls; c; c = next) {
        next = c->next;
        if (c->deadline_ns <= f->now_ns) {
            char text[128];
            llmfi_text t = llmfi_text_in(text, sizeof text);
            LLMFI_SAY(&t, "timeout, ");
            llmfi_say_c(&t, c->deadline_what);
            if (c->reply.terminal) llmfi_abort(c, LLMF_OK, "");
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
    for (c = f->calls; c; c = next) {
        next = c->next;
        if (c->calling) {
            f->deferred = true;
            continue;
        }
        if (c->free_later) llmfi_call_release(c);
        else if (c->stop && !c->ended) llmfi_abort(c, LLMF_ERR_CANCELLED, "cancelled by the caller");
        else if (c->reply.error.code != LLMF_OK && !c->ended) llmfi_abort(c, LLMF_OK, "");
        else if (c->req.on_event) llmfi_hand_out(c);
    }
}

/* A call that the slice or a full queue had stopped goes on; one whose events nobody has taken yet stays stopped. */
static void llmfi_run_held(llmf_factory *f) {
    llmfi_call *c, *next;
    for (c = f->calls; c; c = next) {
        next = c->next;
        if (c->held_back && c->x.by && !llmfi_full(c)) {
            c->held_back = false;
            c->x.by->resume(c->x.by, &c->x);
        }
        if (llmfi_slice_over(&f->net)) return;
    }
}

static void llmfi_work(llmf_factory *f) {
    size_t i;
    for (i = 0; i < f->transport_count; i++)
        if (f->transports[i]->tick) f->transports[i]->tick(f->transports[i]);
    if (f->held) {
        f->held = false;
        llmfi_run_held(f);
    }
    llmfi_now(f);
    llmfi_run_timers(f);
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
    if (f->deferred || f->held) ms = 0;
    return ms;
}

static bool llmfi_stop_waiting(void *user) {
    return llmfi_slice_over(&((llmf_factory *)user)->net);
}

LLMF_API int llmf_poll(llmf_factory *f, int timeout_ms) {
    uint64_t until, before;
    int woken = 0;
    if (!f) return -LLMF_ERR_ARGUMENT;
    if (f->polling) return -LLMF_ERR_ARGUMENT; /* from inside a callback */
    f->polling = true;
    before = f->events;
    llmfi_now(f);
    until = timeout_ms < 0 ? UINT64_MAX : f->now_ns + (uint64_t)timeout_ms * LLMFI_MS;
    f->net.slice_end_ns = f->desc.slice_us > 0 ? f->now_ns + (uint64_t)f->desc.slice_us * 1000u : 0;
    llmfi_work(f);
    do {
        int64_t left = timeout_ms < 0 ? -1 : until > f->now_ns ? (int64_t)((until - f->now_ns + LLMFI_MS - 1) / LLMFI_MS) : 0;
        int64_t wait = f->events != before || f->ready_first || !f->active ? 0 : llmfi_wait_ms(f, left);
        if (wait > 60000) wait = 60000;
        if (llmfi_slice_over(&f->net)) break;
        woken = llmfi_watch_wait(&f->watch, (int)wait, llmfi_stop_waiting, f);
        if (llmfi_watch_woken(&f->watch)) woken = 1;
        llmfi_work(f);
    } while (timeout_ms != 0 && f->events == before && !f->ready_first && !woken && f->active && f->now_ns < until && !llmfi_slice_over(&f->net));
    f->net.slice_end_ns = 0;
    f->polling = false;
    return f->active;
}

/* ---- next ---- */

static bool llmfi_advance(llmfi_call *c, llmf_event *ev) {
    if (llmfi_pop_event(c, ev)) return true;
    if (c->held_back && c->x.by) { /* all that was decoded is taken: the transport may go on where it was stopped */
        c->held_back = false;
        c->content_ns = llmfi_now(c->f);
        c->x.by->resume(c->x.by, &c->x);
        if (!c->ended && c->reply.error.code != LLMF_OK) llmfi_abort(c, LLMF_OK, "");
        llmfi_set_deadline(c);
    }
    return llmfi_pop_event(c, ev);
}

static void llmfi_copy_event(void *to, size_t size, const llmf_event *ev) {
    memcpy(to, ev, size < sizeof *ev ? size : sizeof *ev);
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
        if (f->ready_first == c) llmfi_ready_remove(c);
    }
    return false;
}

/* ---- cancel, free, status ---- */

LLMF_API llmf_result llmf_cancel(llmf_factory *f, llmf_call id) {
    llmfi_call *c = llmfi_call_of(f, id);
    if (!c) return LLMF_ERR_STALE;
    if (c->calling || f->polling) {
        if (!c->ended) c->stop = f->deferred = true;
    } else {
        llmfi_abort(c, LLMF_ERR_CANCELLED, "cancelled by the caller");
    }
    return LLMF_OK;
}

LLMF_API void llmf_free(llmf_factory *f, llmf_call id) {
    llmfi_call *c = llmfi_call_of(f, id);
    if (!c) return;
    if (c->calling || f->polling) c->free_later = f->deferred = true;
    else llmfi_call_release(c);
}

LLMF_API llmf_result llmf_status(llmf_factory *f, llmf_call id, bool *done) {
    const llmfi_call *c = llmfi_call_of(f, id);
    if (done) *done = !c || c->ended;
    if (!c) return LLMF_ERR_STALE;
    return (llmf_result)(c->ended ? c->response.error.code : LLMF_OK);
}

/* ---- blocking ---- */

static llmf_result llmfi_fail_response(const llmf_factory *f, llmf_response *r, size_t size, const char *text) {
    llmf_response none;
    memset(&none, 0, sizeof none);
    if (f) none.error = f->last_error;
    else llmfi_error_set(&none.error, LLMF_ERR_ARGUMENT, text);
    if (r) memcpy(r, &none, size < sizeof none ? size : sizeof none);
    return (llmf_result)none.error.code;
}

LLMF_API llmf_result llmf_generate_abi(llmf_factory *f, llmf_model m, const llmf_request *req, size_t req_size, llmf_response *r, size_t r_size) {
    llmfi_call *c;
    if (!f || f->polling) return llmfi_fail_response(NULL, r, r_size, f ? "llmf_generate inside a callback: use llmf_start" : "the factory is NULL");
    c = llmfi_call_open(f, req, req_size);
    if (!c) return llmfi_fail_response(f, r, r_size, "");
    c->quiet = !c->req.on_event;
    llmfi_call_begin(c, m);
    while (!c->ended) llmf_poll(f, -1);
    if (!c->taken) {
        c->taken = true;
        f->active--;
    }
    if (r) memcpy(r, &c->response, r_size < sizeof c->response ? r_size : sizeof c->response);
    return (llmf_result)c->response.error.code;
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
