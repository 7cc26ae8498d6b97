/* From the bytes of a reply to events. The transport pushes (llmf_exchange_…); a call takes as much as fits its queue and the time slice, and asks for the rest later. */
#ifndef LLMFI_ENGINE_RECEIVE_H
#define LLMFI_ENGINE_RECEIVE_H
#include "../../providers/fault.h"
#include "batches.h"
#include "budget.h"
#include "cache.h"
#include "core.h"
#include "filters.h"
#include "health.h"
#include "keys.h"
#include "many.h"
#include "registered.h"
#include "hedge.h"
#include "settle.h"
#include "spans.h"
#include "run.h"
#include "steps.h"

/* ---- timers: each call has one next deadline ---- */

static void llmfi_deadline_try(llmfi_call *c, uint64_t from, int64_t ms, const char *what) {
    uint64_t at;
    if (ms < 0 || !from) return;
    at = llmfi_after_ms(from, ms);
    if (at >= c->deadline_ns) return;
    c->deadline_ns = at;
    c->deadline_what = what;
}

#if LLMF_HAS_RETRY
/* Bytes are counted over this long, where a stream must not be too slow. */
enum { LLMFI_GUARD_MS = 10000 };

static void llmfi_set_deadline(llmfi_call *c);

/* When a call that waits goes on, or gives up; when a stream is looked at for being slow. */
static void llmfi_retry_deadline(llmfi_call *c) {
    struct llmfi_tries *t = c->tries;
    struct llmfi_origin *o = c->origin;
    if (t && t->due_ns) {
        llmfi_deadline_try(c, c->start_ns, c->req.timeouts.total_ms, LLMFI_WORDS("total (") "timeouts.total_ms" LLMFI_WORDS(")"));
        if (t->queued) llmfi_deadline_try(c, c->attempt_ns, c->req.timeouts.queue_ms, LLMFI_WORDS("its limits had no room for it (") "timeouts.queue_ms" LLMFI_WORDS(")"));
        if (t->due_ns < c->deadline_ns) c->deadline_ns = t->due_ns;
    }
    if (!o) return;
    if (o->hedge_ns && !c->first_content_ns && o->hedge_ns < c->deadline_ns) c->deadline_ns = o->hedge_ns;
    if (o->guard_rate && c->first_content_ns && !c->held_back) {
        if (!o->guard_ns) o->guard_ns = c->first_content_ns;
        llmfi_deadline_try(c, o->guard_ns, LLMFI_GUARD_MS, LLMFI_WORDS("the stream is too slow (") "min_bytes_per_second" LLMFI_WORDS(")"));
    }
}

/* A timer has run out which is none of the call's ends: it is time to go on, or to ask another one too, or a stream is fast enough. */
static bool llmfi_retry_due(llmfi_call *c) {
    struct llmfi_tries *t = c->tries;
    struct llmfi_origin *o = c->origin;
    if (t && t->due_ns && t->due_ns <= c->f->now_ns && c->f->now_ns < llmfi_call_until(c)) {
        c->f->deferred = true;
        return true;
    }
    if (!o) return false;
    if (o->hedge_ns && o->hedge_ns <= c->f->now_ns && !c->first_content_ns) {
        o->hedge_ns = 0;
        c->hedge_due = c->f->deferred = true;
        llmfi_set_deadline(c);
        return c->deadline_ns > c->f->now_ns;
    }
    if (!o->guard_rate || !o->guard_ns || c->f->now_ns < llmfi_after_ms(o->guard_ns, LLMFI_GUARD_MS) || c->received - o->guard_at < (uint64_t)o->guard_rate * (LLMFI_GUARD_MS / 1000)) return false;
    o->guard_ns = c->f->now_ns;
    o->guard_at = c->received;
    llmfi_set_deadline(c);
    return c->deadline_ns > c->f->now_ns;
}
#endif

/* Silence is measured from the last content, before the first of it from the last byte; not while the caller is the one who waits. */
static void llmfi_set_deadline(llmfi_call *c) {
    c->deadline_ns = UINT64_MAX;
#if LLMF_HAS_RUN
    if (llmfi_run_waits(c)) {
        llmfi_deadline_try(c, c->start_ns, c->req.timeouts.total_ms, LLMFI_WORDS("total (") "timeouts.total_ms" LLMFI_WORDS(")"));
        if (llmfi_run_due_ns(c) < c->deadline_ns) c->deadline_ns = llmfi_run_due_ns(c);
        if (c->deadline_ns < c->f->next_deadline_ns) c->f->next_deadline_ns = c->deadline_ns;
        return;
    }
#endif
#if LLMF_HAS_EMBED
    if (!c->ended && llmfi_is_split(c)) {
        llmfi_deadline_try(c, c->start_ns, c->req.timeouts.total_ms, LLMFI_WORDS("total (") "timeouts.total_ms" LLMFI_WORDS(")"));
    }
#endif
#if LLMF_HAS_RETRY
    if (!c->ended) llmfi_retry_deadline(c);
#endif
#if LLMFI_HAS_WAITS
    if (c->waits && !c->ended) llmfi_deadline_try(c, c->start_ns, c->req.timeouts.total_ms, LLMFI_WORDS("total (") "timeouts.total_ms" LLMFI_WORDS(")"));
#endif
    if (!c->ended && c->x.by) {
        bool stopped = c->held_back;
        llmfi_deadline_try(c, c->start_ns, c->req.timeouts.total_ms, LLMFI_WORDS("total (") "timeouts.total_ms" LLMFI_WORDS(")"));
        if (c->terminal_ns && !stopped) llmfi_deadline_try(c, c->terminal_ns, LLMF_TAIL_MS, NULL);
        if (!c->first_byte_ns) llmfi_deadline_try(c, c->connected_ns, c->req.timeouts.first_byte_ms, LLMFI_WORDS("first byte (") "timeouts.first_byte_ms" LLMFI_WORDS(")"));
        else if (!stopped) llmfi_deadline_try(c, c->content_ns, c->req.timeouts.idle_ms, LLMFI_WORDS("idle: nothing new came (") "timeouts.idle_ms" LLMFI_WORDS(")"));
        if (!c->first_content_ns && !stopped) llmfi_deadline_try(c, c->attempt_ns, c->req.timeouts.first_content_ms, LLMFI_WORDS("first content (") "timeouts.first_content_ms" LLMFI_WORDS(")"));
    }
    if (c->deadline_ns < c->f->next_deadline_ns) c->f->next_deadline_ns = c->deadline_ns;
}

/* ---- handing out ---- */

static void llmfi_mark_ready(llmfi_call *c) {
    llmf_factory *f = c->f;
    f->events++;
    if (c->ready || c->quiet || c->req.on_event) return;
    c->ready = true;
    c->ready_next = NULL;
    if (f->ready_last) f->ready_last->ready_next = c;
    else f->ready_first = c;
    f->ready_last = c;
}

static bool llmfi_final_event(llmfi_call *c, llmf_event *ev) {
    if (!c->ended || c->taken) return false;
    c->taken = true;
#if LLMF_HAS_SIMULATE
    c->simulated = 0;
#endif
    c->f->active--;
    memset(ev, 0, sizeof *ev);
    ev->type = c->response.error.code == LLMF_OK ? LLMF_EVENT_DONE : LLMF_EVENT_ERROR;
    ev->text = llmfi_str("", 0);
    ev->response = &c->response;
    ev->usage = &c->response.usage;
    return true;
}

#if LLMF_HAS_SIMULATE
/* Its reply has come whole, and shall look like a stream. */
static bool llmfi_simulates(const llmfi_call *c) {
    return c->req.simulate_stream > 0 && (!c->reply.streamed || c->response.cached || (c->ended && llmfi_is_filtered(c)));
}

/* A text is handed out a few words at each llmf_poll. *wait: the next ones are for the next one. */
static bool llmfi_simulated_next(llmfi_call *c, llmf_event *ev, bool *wait) {
    llmfi_reply *r = llmfi_shown(c);
    bool text = llmfi_reply_text_waits(r);
    *wait = text && c->simulated && c->simulated == c->f->polls;
    if (*wait) return false;
    if (text) {
        c->simulated = c->f->polls;
        c->f->deferred = true;
    }
    return llmfi_reply_piece(r, ev, c->req.simulate_stream);
}

/* The rest of it comes as it is. */
static void llmfi_simulate_no_more(llmfi_call *c) {
    c->req.simulate_stream = 0;
    c->simulated = 0;
}

static bool llmfi_reply_pop(llmfi_call *c, llmf_event *ev, bool *wait) {
    return llmfi_simulates(c) ? llmfi_simulated_next(c, ev, wait) : llmfi_reply_next(llmfi_shown(c), ev);
}

static bool llmfi_simulate_ok(llmfi_call *c) {
    return c->req.simulate_stream >= 0 || llmfi_error_set(&c->reply.error, LLMF_ERR_ARGUMENT, "llmf_request.simulate_stream is below 0: it is how many words an event has");
}
#else
#define llmfi_simulate_ok(c) true
#define llmfi_reply_pop(c, ev, wait) ((void)(wait), llmfi_reply_next(llmfi_shown(c), (ev)))
#endif

/* The next event that waits, the final one last. */
static bool llmfi_pop_event(llmfi_call *c, llmf_event *ev) {
    bool wait = false;
#if LLMFI_HAS_STEPS
    if (llmfi_steps_event(c, ev)) return true;
#endif
#if LLMF_HAS_RETRY
    if (llmfi_holds_back(c)) return false;
#endif
    if ((llmfi_steps_hide(c) || !llmfi_reply_pop(c, ev, &wait)) && (wait || !llmfi_final_event(c, ev))) return false;
    ev->call.id = c->id;
    return true;
}

/* Calls back, or throws away what nobody wants; else leaves the events for llmf_next. */
static void llmfi_hand_out(llmfi_call *c) {
    llmf_event ev;
#if LLMF_HAS_RETRY
    if (llmfi_holds_back(c) && !llmfi_steps_tell(c)) return;
#endif
    if (c->quiet || llmfi_steps_hide(c)) {
        while (llmfi_reply_next(llmfi_shown(c), &ev)) continue;
        llmfi_reply_release_events(llmfi_shown(c));
        if (c->ended) c->f->events++;
        if (!LLMFI_HAS_STEPS || c->quiet) return;
    }
    if (!c->req.on_event) {
        if (llmfi_steps_tell(c) || llmfi_reply_count(llmfi_shown(c)) || (c->ended && !c->taken)) llmfi_mark_ready(c);
        return;
    }
    if (!c->f->polling) { /* callbacks run inside llmf_poll only */
        c->f->deferred = true;
        return;
    }
    while (!c->calling && !c->free_later && !c->f->closing && !(c->stop && !c->ended) && llmfi_pop_event(c, &ev)) {
        int rc;
        c->f->events++;
        c->calling = true;
        rc = c->req.on_event(c->req.on_event_user, &ev);
        c->calling = false;
        if (rc != LLMF_CONTINUE && !c->ended) c->stop = c->f->deferred = true;
#if LLMF_HAS_SIMULATE
        else if (rc != LLMF_CONTINUE) llmfi_simulate_no_more(c);
#endif
    }
    if (!llmfi_reply_count(llmfi_shown(c))) llmfi_reply_release_events(llmfi_shown(c));
}

/* ---- the end ---- */

static void llmfi_wire_free(llmfi_call *c) {
    switch (c->decoder) {
#if LLMFI_HAS_SSE
    case LLMF_FRAMING_SSE: llmfi_sse_free(&c->wire.sse); break;
#endif
#if LLMFI_HAS_NDJSON
    case LLMF_FRAMING_NDJSON: llmfi_ndjson_free(&c->wire.ndjson); break;
#endif
#if LLMFI_HAS_JSON_ARRAY
    case LLMF_FRAMING_JSON_ARRAY: llmfi_json_array_free(&c->wire.array); break;
#endif
#if LLMFI_HAS_EVENTSTREAM
    case LLMFI_FRAMING_EVENTSTREAM: llmfi_eventstream_free(&c->wire.events); break;
#endif
    default: break;
    }
    c->decoder = LLMF_FRAMING_JSON;
}

static void llmfi_give_back_decoder(llmfi_call *c) {
    llmfi_wire_free(c);
    llmfi_buf_free(&c->whole);
#if LLMFI_HAS_OPS
    if (c->reply.job) llmfi_job_release(c->reply.job);
#endif
}

#if LLMF_HAS_CONFIG
/* Ollama cuts a prompt that is longer than its window without a word: the count that it reports tells. */
static void llmfi_warn_window(llmfi_call *c) {
    char line[200];
    llmfi_text t = llmfi_text_in(line, sizeof line);
    int64_t window = c->prepared ? c->prepared->record.s.num_ctx : 0;
    if (window <= 0 || c->reply.usage.input < window) return;
    llmfi_say(&t, c->prepared->record.s.name);
    LLMFI_SAY(&t, ": the prompt filled num_ctx (");
    llmfi_say_int(&t, window);
    LLMFI_SAY(&t, " tokens) and was probably cut: raise num_ctx");
    llmfi_log(c->f, LLMF_LOG_WARNING, 3, llmfi_str(line, t.len));
}
#endif

/* The call is over; c->reply.error says how. */
static void llmfi_finish(llmfi_call *c) {
    if (c->ended) return;
    c->end_ns = llmfi_moment(c->f);
#if LLMF_HAS_RETRY
    llmfi_attempt_over(c);
    if (!llmfi_run_waits(c) && !llmfi_is_bulk(c) && llmfi_goes_on(c)) {
        llmfi_set_deadline(c);
        return;
    }
#endif
#if LLMFI_HAS_STEPS
    if (c->steps && llmfi_steps_over(c)) return;
#endif
    c->ended = true;
#if LLMF_HAS_RETRY
    if (c->hedge_of || llmfi_hedge_of(c)) c->f->deferred = true;
#endif
#if LLMF_HAS_EMBED
    llmfi_batches_stop(c);
    if (llmfi_parent(c)) c->f->deferred = true; /* which looks at it then */
#endif
    llmfi_give_back_decoder(c);
#if LLMF_HAS_FILTERS
    if (llmfi_is_filtered(c) && !llmfi_in_steps(c)) llmfi_filters_end(c); /* of a step it is done */
#endif
    llmfi_settle(c);
    llmfi_budget_settle(c, c->response.cost_pico);
#if LLMF_HAS_CACHE
    if (c->cache) llmfi_cache_keep(c);
#endif
#if LLMFI_HAS_HEALTH
    if (c->response.error.code == LLMF_OK && !c->response.cached && !llmfi_is_bulk(c)) llmfi_health_good(c);
#endif
#if LLMFI_HAS_STEPS
    if (c->steps) llmfi_steps_settle(c);
#endif
#if LLMF_HAS_BATCH
    llmfi_many_stop(c);
    llmfi_many_settle(c);
    llmfi_many_ended(c);
#endif
    if (!llmfi_is_many(c) && !llmfi_is_bulk(c)) llmfi_seen_end(c, c->response.error.code); /* its calls are told of, one by one */
#if LLMF_HAS_CONFIG /* which alone sets num_ctx */
    llmfi_warn_window(c);
#endif
    llmfi_set_deadline(c);
    llmfi_hand_out(c);
}

/* Stops the exchange and ends the call with what had come. */
static void llmfi_abort(llmfi_call *c, int code, const char *text) {
    if (c->ended) return;
    if (c->x.by) c->x.by->cancel(c->x.by, &c->x);
    c->x.by = NULL;
    if (code != LLMF_OK && c->reply.error.code == LLMF_OK) (llmfi_error_set)(&c->reply.error, code, text);
    llmfi_reply_end(&c->reply, true);
    llmfi_finish(c);
}

/* ---- frames ---- */

/* What a frame, or a piece of one, has told. */
static void llmfi_frame_taken(llmfi_call *c) {
    if (c->reply.content && !c->first_content_ns) c->first_content_ns = c->f->now_ns;
    if (c->reply.terminal && !c->terminal_ns) c->terminal_ns = c->f->now_ns;
#if LLMF_HAS_FILTERS
    if (llmfi_is_filtered(c)) llmfi_filters_run(c);
#endif
    if (c->reply.error.code != LLMF_OK) c->f->deferred = true;
#if LLMF_HAS_RETRY
    if (c->hedge_of || llmfi_hedge_of(c)) c->f->deferred = true; /* who is first? */
#endif
    if (llmfi_reply_count(llmfi_shown(c))) {
        c->content_ns = c->f->now_ns;
        llmfi_hand_out(c);
    }
}

static void llmfi_frame(llmfi_call *c, llmf_str event, llmf_str data) {
    llmfi_on_frame(c, event, data);
    llmfi_frame_taken(c);
}

/* No more for now: the caller must take events first, or the call is about to end. */
static bool llmfi_full(llmfi_call *c) {
    return c->stop || c->free_later || llmfi_reply_count(llmfi_shown(c)) >= LLMF_MAX_QUEUED;
}

static void llmfi_wire_failed(llmfi_call *c, int why) {
    c->f->deferred = true;
    if (c->reply.error.code != LLMF_OK) return;
    if (why == LLMFI_WIRE_MEMORY) llmfi_error_memory(&c->reply.error);
#if LLMFI_HAS_EVENTSTREAM
    else if (why == LLMFI_WIRE_BAD && c->framing == LLMFI_FRAMING_EVENTSTREAM) llmfi_error_set(&c->reply.error, LLMF_ERR_PROTOCOL, "the reply is no event stream, or was damaged on its way (a checksum is wrong): is the base URL right?");
#endif
    else if (why == LLMFI_WIRE_BAD) llmfi_error_set(&c->reply.error, LLMF_ERR_PROTOCOL, "the reply is not JSON: is the base URL right?");
    else llmfi_error_set(&c->reply.error, LLMF_ERR_LIMIT, "one line or event of the reply is longer than llmf_desc.max_line");
}

#if LLMFI_HAS_SSE
static void llmfi_take_sse(llmfi_call *c, llmf_str *in) {
    while (in->len && !llmfi_full(c) && c->reply.error.code == LLMF_OK) {
        int rc = llmfi_sse_next(&c->wire.sse, in);
        if (rc == LLMFI_WIRE_ITEM && llmfi_trim(c->wire.sse.payload).len) llmfi_frame(c, c->wire.sse.event, c->wire.sse.payload); /* data without a word is a ping */
        if (rc == LLMFI_WIRE_ERROR) llmfi_wire_failed(c, c->wire.sse.error);
        if (llmfi_slice_over(&c->f->net)) return; /* behind the first: however short the slice, it goes on */
    }
}
#endif

#if LLMFI_HAS_NDJSON
static void llmfi_take_ndjson(llmfi_call *c, llmf_str *in) {
    while (in->len && !llmfi_full(c) && c->reply.error.code == LLMF_OK) {
        int rc = llmfi_ndjson_next(&c->wire.ndjson, in);
        if (rc == LLMFI_WIRE_ITEM) llmfi_frame(c, llmfi_str("", 0), c->wire.ndjson.payload);
        if (rc == LLMFI_WIRE_ERROR) llmfi_wire_failed(c, c->wire.ndjson.error);
        if (llmfi_slice_over(&c->f->net)) return;
    }
}
#endif

#if LLMFI_HAS_JSON_ARRAY
/* The array is whole with its closing ] (RULES 24), whatever its elements say. */
static void llmfi_take_json_array(llmfi_call *c, llmf_str *in) {
    while (in->len && !llmfi_full(c) && c->reply.error.code == LLMF_OK) {
        int rc = llmfi_json_array_next(&c->wire.array, in);
        if (rc == LLMFI_WIRE_ITEM) llmfi_frame(c, llmfi_str("", 0), c->wire.array.payload);
        if (rc == LLMFI_WIRE_ERROR) llmfi_wire_failed(c, c->wire.array.error);
        if (c->reply.terminal) c->last_seen = true;
        c->reply.terminal = c->last_seen && llmfi_json_array_closed(&c->wire.array);
        c->terminal_ns = c->reply.terminal ? c->f->now_ns : 0;
        if (llmfi_slice_over(&c->f->net)) return;
    }
}
#endif

#if LLMFI_HAS_EVENTSTREAM
/* What failed on the way is told by the frame's headers (RULES 29), whatever the dialect. */
static void llmfi_event_frame(llmfi_call *c) {
    const llmfi_eventstream *s = &c->wire.events;
    llmf_str type = llmfi_eventstream_header(s, LLMFI_LIT(":message-type"));
    if (LLMFI_IS(type, "exception")) llmfi_fault_object(&c->reply, s->payload, llmfi_eventstream_header(s, LLMFI_LIT(":exception-type")));
    else if (LLMFI_IS(type, "error"))
        llmfi_fault_said(&c->reply, llmfi_eventstream_header(s, LLMFI_LIT(":error-code")), llmfi_eventstream_header(s, LLMFI_LIT(":error-message")));
    else llmfi_frame(c, llmfi_eventstream_header(s, LLMFI_LIT(":event-type")), s->payload);
    if (c->reply.error.code != LLMF_OK) c->f->deferred = true;
}

static void llmfi_take_eventstream(llmfi_call *c, llmf_str *in) {
    while (in->len && !llmfi_full(c) && c->reply.error.code == LLMF_OK) {
        int rc = llmfi_eventstream_next(&c->wire.events, in);
        if (rc == LLMFI_WIRE_ITEM) llmfi_event_frame(c);
        if (rc == LLMFI_WIRE_ERROR) llmfi_wire_failed(c, c->wire.events.error);
        if (llmfi_slice_over(&c->f->net)) return;
    }
}
#endif

/* A reply that is one frame is gathered. An error's body beyond its limit is let go: what it is about stands at its front. */
static void llmfi_take_whole(llmfi_call *c, llmf_str *in) {
    size_t room = c->whole.limit ? c->whole.limit - c->whole.len : in->len;
    if (!llmfi_buf_add(&c->whole, in->ptr, in->len < room ? in->len : room)) llmfi_wire_failed(c, LLMFI_WIRE_MEMORY);
    *in = llmfi_from(*in, in->len);
}

#if LLMFI_HAS_OPS
/* Bytes looked at before the slice is, so that a long piece does not take a frame of its own. */
enum { LLMFI_PATHS_PIECE = 16384 };

/* A reply that is read by its paths is never held. */
static void llmfi_take_paths(llmfi_call *c, llmf_str *in) {
    while (in->len && !llmfi_full(c) && c->reply.error.code == LLMF_OK) {
        size_t n = in->len < LLMFI_PATHS_PIECE ? in->len : (size_t)LLMFI_PATHS_PIECE;
        llmfi_job_take(c->reply.job, &c->reply, llmfi_str(in->ptr, n), false);
        *in = llmfi_from(*in, n);
        llmfi_frame_taken(c);
        if (llmfi_slice_over(&c->f->net)) return;
    }
}
#endif

static bool llmfi_too_much(llmfi_call *c, size_t len) {
    c->received += len;
    if (c->received <= c->f->desc.max_response) return false;
    if (c->reply.error.code == LLMF_OK) llmfi_error_set(&c->reply.error, LLMF_ERR_LIMIT, "the reply is larger than llmf_desc.max_response");
    c->f->deferred = true;
    return true;
}

/* A host that answers a stream with one JSON object (an error, or it cannot stream) or with HTML: seen at the first byte, and read as a whole. Blank lines
   before it are keep-alives. Where an array may come, that byte tells too. */
static void llmfi_sniff(llmfi_call *c, llmf_str *in) {
    while (in->len && llmfi_is_space(in->ptr[0])) *in = llmfi_from(*in, 1);
    if (!in->len) return;
    c->sniffed = true;
    if (c->framing == LLMF_FRAMING_JSON_ARRAY) {
        if (in->ptr[0] == '[') return;
        c->framing = LLMF_FRAMING_SSE;
    }
    if (in->ptr[0] != '{' && in->ptr[0] != '[' && in->ptr[0] != '<') return;
    c->framing = LLMF_FRAMING_JSON;
    c->reply.streamed = false;
}

#if LLMFI_HAS_EVENTSTREAM
/* The same where blanks may be bytes of a frame. A frame does not begin with these: it would be of a gigabyte. */
static void llmfi_sniff_binary(llmfi_call *c, char first) {
    c->sniffed = true;
    if (first != '{' && first != '<') return;
    c->framing = LLMF_FRAMING_JSON;
    c->reply.streamed = false;
}
#endif

/* The decoder of the reply's framing, from the first byte on that tells which it is. */
static void llmfi_start_decoder(llmfi_call *c) {
    llmf_factory *f = c->f;
    llmfi_wire_free(c);
    switch (c->framing) {
#if LLMFI_HAS_SSE
    case LLMF_FRAMING_SSE: llmfi_sse_init(&c->wire.sse, &f->heap, f->desc.max_line, f->desc.max_line); break;
#endif
#if LLMFI_HAS_NDJSON
    case LLMF_FRAMING_NDJSON: llmfi_ndjson_init(&c->wire.ndjson, &f->heap, f->desc.max_line); break;
#endif
#if LLMFI_HAS_JSON_ARRAY
    case LLMF_FRAMING_JSON_ARRAY: llmfi_json_array_init(&c->wire.array, &f->heap, f->desc.max_line); break;
#endif
#if LLMFI_HAS_EVENTSTREAM
    case LLMFI_FRAMING_EVENTSTREAM: llmfi_eventstream_init(&c->wire.events, &f->heap, f->desc.max_line); break;
#endif
    default: break;
    }
    c->decoder = c->framing;
}

/* Takes what it can of `in`. Pieces may come in a row: once the slice is over, the next poll has the rest of them. */
static void llmfi_decode(llmfi_call *c, llmf_str *in) {
    if (c->f->slice_used && llmfi_slice_over(&c->f->net)) return;
    c->f->slice_used = true;
    if ((c->framing == LLMF_FRAMING_SSE || c->framing == LLMF_FRAMING_JSON_ARRAY) && !c->sniffed) llmfi_sniff(c, in);
#if LLMFI_HAS_EVENTSTREAM
    if (c->framing == LLMFI_FRAMING_EVENTSTREAM && !c->sniffed && in->len) llmfi_sniff_binary(c, in->ptr[0]);
#endif
    if (c->decoder != c->framing && in->len) llmfi_start_decoder(c);
    switch (c->framing) {
#if LLMFI_HAS_SSE
    case LLMF_FRAMING_SSE: llmfi_take_sse(c, in); break;
#endif
#if LLMFI_HAS_NDJSON
    case LLMF_FRAMING_NDJSON: llmfi_take_ndjson(c, in); break;
#endif
#if LLMFI_HAS_JSON_ARRAY
    case LLMF_FRAMING_JSON_ARRAY: llmfi_take_json_array(c, in); break;
#endif
#if LLMFI_HAS_EVENTSTREAM
    case LLMFI_FRAMING_EVENTSTREAM: llmfi_take_eventstream(c, in); break;
#endif
#if LLMFI_HAS_OPS
    case LLMFI_FRAMING_PATHS: llmfi_take_paths(c, in); break;
#endif
    default: llmfi_take_whole(c, in); break;
    }
}

LLMF_API size_t llmf_exchange_data(llmf_exchange *x, const char *bytes, size_t len) {
    llmfi_call *c = (llmfi_call *)x->owner;
    llmf_str in = llmfi_str(bytes, len);
    size_t taken;
#if LLMFI_HAS_FETCH
    if (llmfi_is_fetch(x)) return llmfi_fetch_data((llmfi_fetch *)x->owner, bytes, len);
#endif
    if (c->ended || c->stop || c->reply.error.code != LLMF_OK) return len; /* about to be cancelled: swallowed */
    (void)llmfi_moment(c->f);
    llmfi_decode(c, &in);
    taken = len - in.len;
    c->held_back = in.len != 0;
    if (c->held_back) c->f->held = true;
    if (!c->first_content_ns || c->framing == LLMF_FRAMING_JSON || c->framing == LLMFI_FRAMING_PATHS) c->content_ns = c->f->now_ns;
    if ((c->req.flags & LLMF_KEEP_RAW) && !(llmfi_buf_reserve(&c->raw, taken + 1) && llmfi_buf_add(&c->raw, bytes, taken))) llmfi_wire_failed(c, LLMFI_WIRE_MEMORY);
    llmfi_too_much(c, taken);
    if (c->terminal_ns) llmfi_set_deadline(c); /* else it has only moved away: llmfi_run_timers sees to that */
    return taken;
}

/* ---- status and headers ---- */

LLMF_API void llmf_exchange_status(llmf_exchange *x, int status) {
    llmfi_call *c = (llmfi_call *)x->owner;
    uint64_t now;
#if LLMFI_HAS_FETCH
    if (llmfi_is_fetch(x)) {
        ((llmfi_fetch *)x->owner)->status = status;
        return;
    }
#endif
    now = llmfi_moment(c->f);
    if (c->ended) return;
    c->reply.status = status;
    if (!c->connected_ns) c->connected_ns = now;
    if (!c->first_byte_ns) c->first_byte_ns = now;
    c->content_ns = now;
    if (status < 200 || status >= 300) {
#if LLMF_HAS_RETRY
        llmfi_limits_forget(c);
#endif
        c->framing = LLMF_FRAMING_JSON;
        c->whole.limit = LLMF_MAX_ERROR_BODY;
    }
    llmfi_set_deadline(c);
}

static void llmfi_exchange_connected(llmf_exchange *x) {
    llmfi_call *c = (llmfi_call *)x->owner;
    if (llmfi_is_fetch(x)) return;
    c->connected_ns = llmfi_moment(c->f);
    llmfi_set_deadline(c);
}

/* The header that names the request, by the names that providers use. */
static bool llmfi_is_request_id(llmf_str name) {
    const char *names = "x-request-id\0request-id\0apim-request-id\0x-amzn-requestid\0x-generation-id\0mistral-correlation-id\0x-ds-trace-id\0"
                        "x-debug-trace-id\0x-goog-request-id\0";
    for (; *names; names += llmfi_strlen(names) + 1)
        if (llmfi_eq_nocase(name, llmfi_cstr(names))) return true;
    return false;
}

/* A header's value for the caller: UTF-8 whatever the server sent. */
static llmf_str llmfi_header_text(llmfi_call *c, llmf_str value) {
    llmf_str kept = llmfi_reply_keep(&c->reply, llmfi_reply_clean(&c->reply, value));
    if (c->reply.error.code != LLMF_OK) c->f->deferred = true;
    return kept;
}

/* Seconds, or a date. */
static void llmfi_take_retry_after(llmfi_call *c, llmf_str value) {
#if LLMF_HAS_RETRY
    llmfi_parse_until(value, llmfi_wall(c->f), &c->retry_after_ms);
#else
    llmfi_parse_delay(value, 1000, &c->retry_after_ms);
#endif
}

LLMF_API void llmf_exchange_header(llmf_exchange *x, llmf_str name, llmf_str value) {
    llmfi_call *c = (llmfi_call *)x->owner;
#if LLMFI_HAS_FETCH
    if (llmfi_is_fetch(x)) {
        llmfi_fetch_header((llmfi_fetch *)x->owner, name, value);
        return;
    }
#endif
    if (c->ended || !llmfi_header_wanted(x, name, c->reply.status)) return;
#if LLMF_HAS_RETRY
    if (name.len >= 24) llmfi_limit_header(c, name, value);
    else
#endif
    if (!c->reply.request_id.len && llmfi_is_request_id(name)) c->reply.request_id = llmfi_header_text(c, value);
    else if (LLMFI_NAMED(name, "x-amzn-errortype") && !c->errortype) c->errortype = llmfi_header_text(c, value).ptr;
#if LLMF_HAS_RETRY
    else if (LLMFI_NAMED(name, "x-should-retry")) c->should_retry = LLMFI_NAMED(value, "true") ? 1 : LLMFI_NAMED(value, "false") ? -1 : 0;
#endif
    else if (LLMFI_NAMED(name, "retry-after-ms")) llmfi_parse_delay(value, 1, &c->retry_after_ms);
    else if (LLMFI_NAMED(name, "retry-after") && c->retry_after_ms == LLMF_UNKNOWN) llmfi_take_retry_after(c, value);
}

/* ---- the end of the bytes ---- */

/* What had begun when the bytes ended: an event without its blank line counts if its JSON is complete, and so says the adapter. */
static void llmfi_last_frame(llmfi_call *c) {
    c->reply.tail = true;
    if (c->framing == LLMF_FRAMING_JSON) {
        if (llmfi_trim(llmfi_buf_str(&c->whole)).len) llmfi_frame(c, llmfi_str("", 0), llmfi_buf_str(&c->whole));
    }
#if LLMFI_HAS_SSE
    if (c->decoder == LLMF_FRAMING_SSE && llmfi_sse_end(&c->wire.sse) == LLMFI_WIRE_ITEM && llmfi_trim(c->wire.sse.payload).len)
        llmfi_frame(c, c->wire.sse.event, c->wire.sse.payload);
#endif
#if LLMFI_HAS_NDJSON
    if (c->decoder == LLMF_FRAMING_NDJSON && llmfi_ndjson_end(&c->wire.ndjson) == LLMFI_WIRE_ITEM) llmfi_frame(c, llmfi_str("", 0), c->wire.ndjson.payload);
#endif
#if LLMFI_HAS_OPS
    if (c->framing == LLMFI_FRAMING_PATHS) {
        llmfi_job_take(c->reply.job, &c->reply, llmfi_str("", 0), true);
        llmfi_frame_taken(c);
    }
#endif
    if (llmfi_adapter_of(c)->on_end) llmfi_adapter_of(c)->on_end(&c->reply);
}

/* why: the transport's words, or NULL. */
static void llmfi_end_error(llmfi_call *c, int result, const char *why) {
    const char *what = "";
    llmfi_text t;
    if (c->reply.error.code != LLMF_OK) return;
    /* A connection that breaks in the middle of a reply has cut it short, however it broke. */
    if (c->reply.status && (result == LLMF_ERR_NETWORK || result == LLMF_ERR_TLS)) result = LLMF_ERR_TRUNCATED;
    t = llmfi_error_begin(&c->reply.error, result);
    if (c->prepared) {
        llmfi_say(&t, c->prepared->record.provider->name);
        LLMFI_SAY(&t, ": ");
    }
    if (result == LLMF_ERR_TRUNCATED) what = LLMFI_WORDS("the reply ended before its end");
    if (result == LLMF_ERR_TIMEOUT) what = LLMFI_WORDS("timeout");
    if (result == LLMF_ERR_NETWORK) what = LLMFI_WORDS("no reply");
    llmfi_say_c(&t, what);
    if (*what && why && *why) LLMFI_SAY(&t, ": ");
    llmfi_say_c(&t, why);
}

static void llmfi_end(llmfi_call *c, int result, const char *why) {
    if (c->reply.status >= 200 && c->reply.status < 300) {
        if (c->framing != LLMF_FRAMING_JSON || (result == LLMF_OK && c->reply.error.code == LLMF_OK)) llmfi_last_frame(c);
#if LLMF_HAS_JOBS
        if (result == LLMF_OK && c->bulk == LLMFI_BULK_IS_STEP && c->framing == LLMF_FRAMING_NDJSON) c->reply.terminal = !c->reply.job->bulk->cut; /* no line says that it is the last */
#endif
        if (result != LLMF_OK && !c->reply.terminal) llmfi_end_error(c, result, why); /* the transport knows best why */
        llmfi_reply_end(&c->reply, result == LLMF_OK);
    } else if (c->reply.status) {
        if (c->reply.error.code == LLMF_OK) llmfi_fault_body(&c->reply, c->reply.status, llmfi_buf_str(&c->whole), llmfi_cstr(c->errortype));
        llmfi_reply_settle(&c->reply);
    } else {
        llmfi_end_error(c, result == LLMF_OK ? LLMF_ERR_NETWORK : result, why);
    }
    llmfi_finish(c);
}

LLMF_API void llmf_exchange_end(llmf_exchange *x, int result, const char *text) {
    llmfi_call *c = (llmfi_call *)x->owner;
    x->by = NULL;
#if LLMFI_HAS_FETCH
    if (llmfi_is_fetch(x)) {
        llmfi_fetch_end((llmfi_fetch *)x->owner, result, text);
        return;
    }
#endif
    if (!c->ended) llmfi_end(c, result, text);
}

#endif
