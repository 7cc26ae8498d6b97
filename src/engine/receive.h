/* From the bytes of a reply to events. The transport pushes (llmf_exchange_…); a call takes as much as fits its queue and the time slice, and asks for the rest later. */
#ifndef LLMFI_ENGINE_RECEIVE_H
#define LLMFI_ENGINE_RECEIVE_H
#include "../../providers/fault.h"
#include "core.h"
#include "registered.h"
#include "settle.h"

/* ---- timers: each call has one next deadline ---- */

static void llmfi_deadline_try(llmfi_call *c, uint64_t from, int64_t ms, const char *what) {
    uint64_t at;
    if (ms < 0 || !from) return;
    at = from + (uint64_t)ms * LLMFI_MS;
    if (at >= c->deadline_ns) return;
    c->deadline_ns = at;
    c->deadline_what = what;
}

/* Silence is measured from the last content, before the first of it from the last byte; not while the caller is the one who waits. */
static void llmfi_set_deadline(llmfi_call *c) {
    c->deadline_ns = UINT64_MAX;
    if (!c->ended && c->x.by) {
        bool stopped = c->held_back;
        llmfi_deadline_try(c, c->start_ns, c->timeouts.total_ms, "total (timeouts.total_ms)");
        if (c->terminal_ns) llmfi_deadline_try(c, c->terminal_ns, LLMF_TAIL_MS, NULL);
        if (!c->first_byte_ns) llmfi_deadline_try(c, c->connected_ns, c->timeouts.first_byte_ms, "first byte (timeouts.first_byte_ms)");
        else if (!stopped) llmfi_deadline_try(c, c->content_ns, c->timeouts.idle_ms, "idle: nothing new came (timeouts.idle_ms)");
        if (!c->first_content_ns && !stopped) llmfi_deadline_try(c, c->start_ns, c->timeouts.first_content_ms, "first content (timeouts.first_content_ms)");
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
    c->f->active--;
    memset(ev, 0, sizeof *ev);
    ev->type = c->response.error.code == LLMF_OK ? LLMF_EVENT_DONE : LLMF_EVENT_ERROR;
    ev->response = &c->response;
    ev->usage = &c->response.usage;
    return true;
}

/* The next event that waits, the final one last. */
static bool llmfi_pop_event(llmfi_call *c, llmf_event *ev) {
    if (!llmfi_reply_next(&c->reply, ev) && !llmfi_final_event(c, ev)) return false;
    ev->call.id = c->id;
    return true;
}

/* Calls back, or throws away what nobody wants; else leaves the events for llmf_next. */
static void llmfi_hand_out(llmfi_call *c) {
    llmf_event ev;
    if (c->quiet) {
        while (llmfi_reply_next(&c->reply, &ev)) continue;
        llmfi_reply_release_events(&c->reply);
        if (c->ended) c->f->events++;
        return;
    }
    if (!c->req.on_event) {
        if (llmfi_reply_count(&c->reply) || (c->ended && !c->taken)) llmfi_mark_ready(c);
        return;
    }
    if (!c->f->polling) { /* callbacks run inside llmf_poll only */
        c->f->deferred = true;
        return;
    }
    while (!c->calling && !c->free_later && !(c->stop && !c->ended) && llmfi_pop_event(c, &ev)) {
        int rc;
        c->f->events++;
        c->calling = true;
        rc = c->req.on_event(c->req.on_event_user, &ev);
        c->calling = false;
        if (rc != LLMF_CONTINUE && !c->ended) c->stop = c->f->deferred = true;
    }
    if (!llmfi_reply_count(&c->reply)) llmfi_reply_release_events(&c->reply);
}

/* ---- the end ---- */

static void llmfi_give_back_decoder(llmfi_call *c) {
    llmfi_sse_free(&c->sse);
    llmfi_ndjson_free(&c->ndjson);
    llmfi_buf_free(&c->whole);
}

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

/* The call is over; c->reply.error says how. */
static void llmfi_finish(llmfi_call *c) {
    if (c->ended) return;
    c->ended = true;
    c->end_ns = llmfi_now(c->f);
    llmfi_give_back_decoder(c);
    llmfi_settle(c);
    llmfi_warn_window(c);
    llmfi_set_deadline(c);
    llmfi_hand_out(c);
}

/* Stops the exchange and ends the call with what had come. */
static void llmfi_abort(llmfi_call *c, int code, const char *text) {
    if (c->ended) return;
    if (c->x.by) c->x.by->cancel(c->x.by, &c->x);
    c->x.by = NULL;
    if (code != LLMF_OK && c->reply.error.code == LLMF_OK) llmfi_error_set(&c->reply.error, code, text);
    llmfi_reply_end(&c->reply, true);
    llmfi_finish(c);
}

/* ---- frames ---- */

static void llmfi_frame(llmfi_call *c, llmf_str event, llmf_str data) {
    llmfi_on_frame(c, event, data);
    if (c->reply.content && !c->first_content_ns) c->first_content_ns = c->f->now_ns;
    if (c->reply.terminal && !c->terminal_ns) c->terminal_ns = c->f->now_ns;
    if (c->reply.error.code != LLMF_OK) c->f->deferred = true;
    if (llmfi_reply_count(&c->reply)) {
        c->content_ns = c->f->now_ns;
        llmfi_hand_out(c);
    }
}

/* No more for now: the caller must take events first, or this poll's time is over, or the call is about to end. */
static bool llmfi_full(const llmfi_call *c) {
    return c->stop || c->free_later || llmfi_reply_count(&c->reply) >= LLMF_MAX_QUEUED || llmfi_slice_over(&c->f->net);
}

static void llmfi_wire_failed(llmfi_call *c, int why) {
    c->f->deferred = true;
    if (c->reply.error.code != LLMF_OK) return;
    if (why == LLMFI_WIRE_MEMORY) llmfi_error_memory(&c->reply.error);
    else llmfi_error_set(&c->reply.error, LLMF_ERR_LIMIT, "one line or event of the reply is longer than llmf_desc.max_line");
}

static void llmfi_take_sse(llmfi_call *c, llmf_str *in) {
    while (in->len && !llmfi_full(c) && c->reply.error.code == LLMF_OK) {
        int rc = llmfi_sse_next(&c->sse, in);
        if (rc == LLMFI_WIRE_ITEM && llmfi_trim(c->sse.payload).len) llmfi_frame(c, c->sse.event, c->sse.payload); /* data without a word is a ping */
        if (rc == LLMFI_WIRE_ERROR) llmfi_wire_failed(c, c->sse.error);
    }
}

static void llmfi_take_ndjson(llmfi_call *c, llmf_str *in) {
    while (in->len && !llmfi_full(c) && c->reply.error.code == LLMF_OK) {
        int rc = llmfi_ndjson_next(&c->ndjson, in);
        if (rc == LLMFI_WIRE_ITEM) llmfi_frame(c, llmfi_str("", 0), c->ndjson.payload);
        if (rc == LLMFI_WIRE_ERROR) llmfi_wire_failed(c, c->ndjson.error);
    }
}

/* A reply that is one frame is gathered. An error's body beyond its limit is let go: what it is about stands at its front. */
static void llmfi_take_whole(llmfi_call *c, llmf_str *in) {
    bool fault = c->reply.status >= 300;
    if (!llmfi_buf_add(&c->whole, in->ptr, in->len) && !(fault && c->whole.over)) llmfi_wire_failed(c, LLMFI_WIRE_MEMORY);
    *in = llmfi_from(*in, in->len);
}

static bool llmfi_too_much(llmfi_call *c, size_t len) {
    c->received += len;
    if (c->received <= c->f->desc.max_response) return false;
    if (c->reply.error.code == LLMF_OK) llmfi_error_set(&c->reply.error, LLMF_ERR_LIMIT, "the reply is larger than llmf_desc.max_response");
    c->f->deferred = true;
    return true;
}

/* A host that answers a stream with one JSON object (an error, or it cannot stream) or with HTML: seen at the first byte, and read as a whole. Blank lines
   before it are keep-alives. */
static void llmfi_sniff(llmfi_call *c, llmf_str *in) {
    while (in->len && llmfi_is_space(in->ptr[0])) *in = llmfi_from(*in, 1);
    if (!in->len) return;
    c->sniffed = true;
    if (in->ptr[0] != '{' && in->ptr[0] != '[' && in->ptr[0] != '<') return;
    c->framing = LLMF_FRAMING_JSON;
    c->reply.streamed = false;
}

LLMF_API size_t llmf_exchange_data(llmf_exchange *x, const char *bytes, size_t len) {
    llmfi_call *c = (llmfi_call *)x->owner;
    llmf_str in = llmfi_str(bytes, len);
    size_t taken;
    if (c->ended || c->stop || c->reply.error.code != LLMF_OK) return len; /* about to be cancelled: swallowed */
    llmfi_now(c->f);
    if (c->framing == LLMF_FRAMING_SSE && !c->sniffed) llmfi_sniff(c, &in);
    if (c->framing == LLMF_FRAMING_SSE) llmfi_take_sse(c, &in);
    else if (c->framing == LLMF_FRAMING_NDJSON) llmfi_take_ndjson(c, &in);
    else llmfi_take_whole(c, &in);
    taken = len - in.len;
    c->held_back = in.len != 0;
    if (c->held_back) c->f->held = true;
    if (!c->first_content_ns || c->framing == LLMF_FRAMING_JSON) c->content_ns = c->f->now_ns;
    if ((c->req.flags & LLMF_KEEP_RAW) && !llmfi_buf_add(&c->raw, bytes, taken)) llmfi_wire_failed(c, LLMFI_WIRE_MEMORY);
    llmfi_too_much(c, taken);
    llmfi_set_deadline(c);
    return taken;
}

/* ---- status and headers ---- */

LLMF_API void llmf_exchange_status(llmf_exchange *x, int status) {
    llmfi_call *c = (llmfi_call *)x->owner;
    c->reply.status = status;
    if (!c->connected_ns) c->connected_ns = llmfi_now(c->f);
    if (!c->first_byte_ns) c->first_byte_ns = llmfi_now(c->f);
    c->content_ns = c->f->now_ns;
    if (status < 200 || status >= 300) {
        c->framing = LLMF_FRAMING_JSON;
        c->whole.limit = LLMF_MAX_ERROR_BODY;
    }
    llmfi_set_deadline(c);
}

static void llmfi_exchange_connected(llmf_exchange *x) {
    llmfi_call *c = (llmfi_call *)x->owner;
    c->connected_ns = llmfi_now(c->f);
    llmfi_set_deadline(c);
}

/* The header that names the request, by the names that providers use. */
static bool llmfi_is_request_id(llmf_str name) {
#define LLMFI_ID_NAME(lit) { lit, sizeof(lit) - 1 }
    static const struct {
        const char *name;
        size_t len;
    } names[] = {LLMFI_ID_NAME("x-request-id"), LLMFI_ID_NAME("request-id"), LLMFI_ID_NAME("apim-request-id"), LLMFI_ID_NAME("x-amzn-requestid"),
                 LLMFI_ID_NAME("x-generation-id"), LLMFI_ID_NAME("mistral-correlation-id"), LLMFI_ID_NAME("x-ds-trace-id"), LLMFI_ID_NAME("x-debug-trace-id"),
                 LLMFI_ID_NAME("x-goog-request-id")};
#undef LLMFI_ID_NAME
    size_t i;
    if (name.len < 10 || name.len > 22) return false;
    for (i = 0; i < LLMFI_COUNT(names); i++)
        if (name.len == names[i].len && llmfi_eq_nocase(name, llmfi_str(names[i].name, names[i].len))) return true;
    return false;
}

static void llmfi_take_retry_after(llmfi_call *c, llmf_str value, double unit_ms) {
    double v;
    if (!llmfi_parse_double(value, &v) || v < 0 || v > 1e9) return;
    c->retry_after_ms = (int64_t)(v * unit_ms + 0.5);
}

LLMF_API void llmf_exchange_header(llmf_exchange *x, llmf_str name, llmf_str value) {
    llmfi_call *c = (llmfi_call *)x->owner;
    /* Lengths first: a reply has two dozen headers, of which one or two are of interest. */
    if (!c->reply.request_id.len && llmfi_is_request_id(name)) c->reply.request_id = llmfi_reply_keep(&c->reply, value);
    else if (name.len == 16 && llmfi_eq_nocase(name, LLMFI_LIT("x-amzn-errortype"))) c->errortype = llmfi_reply_keep(&c->reply, value);
    else if (name.len == 14 && llmfi_eq_nocase(name, LLMFI_LIT("retry-after-ms"))) llmfi_take_retry_after(c, value, 1);
    else if (name.len == 11 && c->retry_after_ms == LLMF_UNKNOWN && llmfi_eq_nocase(name, LLMFI_LIT("retry-after"))) llmfi_take_retry_after(c, value, 1000);
}

/* ---- the end of the bytes ---- */

/* What had begun when the bytes ended: an event without its blank line counts if its JSON is complete, and so says the adapter. */
static void llmfi_last_frame(llmfi_call *c) {
    c->reply.tail = true;
    if (c->framing == LLMF_FRAMING_JSON) {
        if (llmfi_trim(llmfi_buf_str(&c->whole)).len) llmfi_frame(c, llmfi_str("", 0), llmfi_buf_str(&c->whole));
    } else if (c->framing == LLMF_FRAMING_SSE) {
        if (llmfi_sse_end(&c->sse) == LLMFI_WIRE_ITEM && llmfi_trim(c->sse.payload).len) llmfi_frame(c, c->sse.event, c->sse.payload);
    } else if (llmfi_ndjson_end(&c->ndjson) == LLMFI_WIRE_ITEM) {
        llmfi_frame(c, llmfi_str("", 0), c->ndjson.payload);
    }
    if (c->prepared->adapter && c->prepared->adapter->on_end) c->prepared->adapter->on_end(&c->reply);
}

/* why: the transport's words, or NULL. */
static void llmfi_end_error(llmfi_call *c, int result, const char *why) {
    llmfi_text t;
    if (c->reply.error.code != LLMF_OK) return;
    /* A connection that breaks in the middle of a reply has cut it short, however it broke. */
    if (c->reply.status && (result == LLMF_ERR_NETWORK || result == LLMF_ERR_TLS)) result = LLMF_ERR_TRUNCATED;
    t = llmfi_error_begin(&c->reply.error, result);
    if (c->prepared) {
        llmfi_say(&t, c->prepared->record.provider->name);
        LLMFI_SAY(&t, ": ");
    }
    if (result == LLMF_ERR_TRUNCATED) LLMFI_SAY(&t, "the reply ended before its end");
    if (result == LLMF_ERR_TIMEOUT) LLMFI_SAY(&t, "timeout");
    if (result == LLMF_ERR_NETWORK) LLMFI_SAY(&t, "no reply");
    if (why && *why && t.len) LLMFI_SAY(&t, ": ");
    llmfi_say_c(&t, why);
}

static void llmfi_end(llmfi_call *c, int result, const char *why) {
    if (c->reply.status >= 200 && c->reply.status < 300) {
        if (c->framing != LLMF_FRAMING_JSON || (result == LLMF_OK && c->reply.error.code == LLMF_OK)) llmfi_last_frame(c);
        if (result != LLMF_OK && !c->reply.terminal) llmfi_end_error(c, result, why); /* the transport knows best why */
        llmfi_reply_end(&c->reply, result == LLMF_OK);
    } else if (c->reply.status) {
        if (c->reply.error.code == LLMF_OK) llmfi_fault_body(&c->reply, c->reply.status, llmfi_buf_str(&c->whole), c->errortype);
        llmfi_reply_settle(&c->reply);
    } else {
        llmfi_end_error(c, result == LLMF_OK ? LLMF_ERR_NETWORK : result, why);
    }
    llmfi_finish(c);
}

LLMF_API void llmf_exchange_end(llmf_exchange *x, int result, const char *text) {
    llmfi_call *c = (llmfi_call *)x->owner;
    x->by = NULL;
    llmfi_now(c->f);
    llmfi_end(c, result, text);
}

#endif
