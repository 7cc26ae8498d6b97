/* What keeps a call from being sent now: cool-downs and breakers (health.h), limits a minute, limits of calls at once. One that has another model to go to goes there;
   the others wait in one queue, by priority and then in the order in which they came. */
#ifndef LLMFI_ENGINE_ADMIT_H
#define LLMFI_ENGINE_ADMIT_H
#include "retry.h"
#include "tokens.h"

#if LLMF_HAS_RETRY

/* ---- tokens before they are known ---- */

/* What a request counts for until its usage is known: a token for three bytes, which is more than a text has, or those that were counted, and all that it may be answered with. */
static int64_t llmfi_tokens_guess(const llmfi_call *c) {
    int64_t input = c->x.req.body_len < INT64_MAX / 2 ? (int64_t)c->x.req.body_len / 3 : INT64_MAX / 6;
    int64_t most = c->req.max_tokens > 0 ? c->req.max_tokens : 1024;
#if LLMF_HAS_TOKENS
    if (!(c->tries && c->tries->queued) && llmfi_call_tokens(c) >= 0) input = llmfi_call_tokens(c); /* those that wait are looked at again and again */
#endif
    return input + (c->req.op == LLMF_OP_CHAT && most < INT64_MAX / 4 ? most : 0);
}

/* What it has used, or LLMF_UNKNOWN. */
static int64_t llmfi_tokens_used(const llmfi_call *c) {
    const llmf_usage *u = &c->reply.usage;
    if (u->input < 0 && u->output < 0) return LLMF_UNKNOWN;
    return (u->input > 0 ? u->input : 0) + (u->output > 0 ? u->output : 0);
}

/* ---- the queue ---- */

static void llmfi_queue_remove(llmfi_call *c) {
    llmf_factory *f = c->f;
    llmfi_call **at = &f->queue_first, *last = NULL;
    if (!c->tries || !c->tries->queued) return;
    while (*at && *at != c) {
        last = *at;
        at = &(*at)->tries->queue_next;
    }
    if (*at) *at = c->tries->queue_next;
    if (f->queue_last == c) f->queue_last = last;
    c->tries->queued = false;
    c->tries->queue_next = NULL;
}

/* Behind those of its priority. It was asked for at start_ns: one that comes back from an attempt which had no room keeps its place. */
static void llmfi_queue_add(llmfi_call *c) {
    llmf_factory *f = c->f;
    llmfi_call **at = &f->queue_first;
    if (f->queue_last && f->queue_last->req.priority >= c->req.priority && f->queue_last->start_ns <= c->start_ns) at = &f->queue_last->tries->queue_next;
    while (*at && ((*at)->req.priority > c->req.priority || ((*at)->req.priority == c->req.priority && (*at)->start_ns <= c->start_ns))) at = &(*at)->tries->queue_next;
    c->tries->queue_next = *at;
    c->tries->queued = true;
    *at = c;
    if (!c->tries->queue_next) f->queue_last = c;
}

/* ---- room ---- */

static int64_t llmfi_most_at_once(const llmfi_call *c) {
    int64_t own = c->prepared->record.retry.max_concurrent;
    return own ? own : c->f->desc.retry.max_concurrent;
}

/* Do the limits of its model and of its provider have room for it? Else *due: when to look again; UINT64_MAX: when another one has ended. */
static bool llmfi_has_room(llmfi_call *c, uint64_t *due) {
    llmfi_health *h = llmfi_health_at(c);
    const llmfi_record *r = &c->prepared->record;
    int64_t most = llmfi_most_at_once(c), tokens = llmfi_tokens_guess(c);
    if (!h || !h->guarded) return true;
    if (most > 0 && h->running >= most) {
        *due = UINT64_MAX;
        return false;
    }
    if (!llmfi_window_room(c->f, h, r->rpm, r->tpm, tokens, due)) return false;
    return !h->group || llmfi_window_room(c->f, h->group, r->provider->rpm, r->provider->tpm, tokens, due);
}

static void llmfi_count_in(llmfi_call *c, llmfi_health *h) {
    h->running++;
    c->admitted = true;
    c->reserved_tokens = 0;
    if (!h->window && !(h->group && h->group->window)) return;
    c->reserved_tokens = llmfi_tokens_guess(c);
    c->reserved_second = (uint32_t)(c->f->now_ns / (1000 * LLMFI_MS));
    if (h->window) llmfi_window_add(h->window, 1, c->reserved_tokens);
    if (h->group && h->group->window) llmfi_window_add(h->group->window, 1, c->reserved_tokens);
}

/* The attempt has ended, or the call: others may have its place. */
static void llmfi_attempt_over(llmfi_call *c) {
    llmfi_health *h = llmfi_health_at(c);
    int64_t used = llmfi_tokens_used(c);
    if (c->tries && c->tries->queued) llmfi_queue_remove(c);
    if (!h || !c->admitted) return;
    c->admitted = false;
    h->running--;
    if (h->probe == c->id) h->probe = 0;
    if (c->f->queue_first) c->f->deferred = true;
    if (!c->reserved_tokens || used < 0) return;
    llmfi_window_correct(c->f, h, c->reserved_second, used - c->reserved_tokens);
    llmfi_window_correct(c->f, h->group, c->reserved_second, used - c->reserved_tokens);
}

/* ---- may it go? ---- */

enum { LLMFI_ADMITTED, LLMFI_REFUSED, LLMFI_QUEUED };

static int llmfi_refuse_full(llmfi_call *c, uint64_t due) {
    llmfi_text t = llmfi_error_begin(&c->reply.error, LLMF_ERR_RATE_LIMIT);
    llmfi_say_model(&t, c->prepared);
    LLMFI_SAY(&t, ": the limits of its config (rpm, tpm, max_concurrent) have no room now");
    c->kept_away = true;
    c->kept_until_ns = due == UINT64_MAX ? llmfi_after_ms(c->f->now_ns, 1000) : due;
    return LLMFI_REFUSED;
}

static int llmfi_wait_for_room(llmfi_call *c, uint64_t due) {
    struct llmfi_tries *t = llmfi_tries_of(c);
    if (!t) {
        llmfi_error_memory(&c->reply.error);
        return LLMFI_REFUSED;
    }
    c->kept_away = true;
    t->due_ns = due;
    llmfi_queue_add(c);
    return LLMFI_QUEUED;
}

/* A call that is built asks whether it may be sent. REFUSED: its error is set. QUEUED: it waits, and is built anew when there is room. */
static int llmfi_admit(llmfi_call *c) {
    llmfi_health *h = llmfi_health_at(c);
    uint64_t due = 0;
    bool only;
    if (c->prepared->record.retry.min_bytes_per_s || c->f->desc.retry.min_bytes_per_s) {
        c->origin->guard_rate = c->prepared->record.retry.min_bytes_per_s ? c->prepared->record.retry.min_bytes_per_s : c->f->desc.retry.min_bytes_per_s;
        if (c->origin->guard_rate < 0) c->origin->guard_rate = 0;
        c->origin->guard_ns = c->origin->guard_at = 0;
    }
    if (c->req.op == LLMF_OP_CHAT && !c->hedge_of && !c->tries && !llmfi_in_steps(c)) {
        int64_t late = c->prepared->record.retry.hedge_ms ? c->prepared->record.retry.hedge_ms : c->f->desc.retry.hedge_ms;
        c->origin->hedge_ns = late > 0 ? llmfi_after_ms(c->f->now_ns, late) : 0;
    }
    if (!h) return LLMFI_ADMITTED;
    if (h->guarded) {
        only = (c->tries && c->tries->last) || !llmfi_chain_length(c);
        if (!llmfi_may_ask(c, c->prepared, only, &c->reply.error, &c->kept_until_ns)) {
            c->kept_away = true;
            return LLMFI_REFUSED;
        }
        if (!llmfi_has_room(c, &due)) return only ? llmfi_wait_for_room(c, due) : llmfi_refuse_full(c, due);
        if (h->open_until_ns) h->probe = c->id;
    }
    llmfi_count_in(c, h);
    return LLMFI_ADMITTED;
}

/* ---- what is left, as headers say ---- */

enum { LLMFI_LEFT_REQUESTS, LLMFI_LEFT_TOKENS, LLMFI_RESET_REQUESTS, LLMFI_RESET_TOKENS };
static const struct {
    const char *name;
    uint8_t len, what;
} llmfi_limit_headers[] = {
#define LLMFI_LIMIT_HEADER(name, what) {name, sizeof(name) - 1, LLMFI_##what},
    LLMFI_LIMIT_HEADER("x-ratelimit-remaining-requests", LEFT_REQUESTS)
    LLMFI_LIMIT_HEADER("x-ratelimit-remaining-tokens", LEFT_TOKENS)
    LLMFI_LIMIT_HEADER("x-ratelimit-reset-requests", RESET_REQUESTS)
    LLMFI_LIMIT_HEADER("x-ratelimit-reset-tokens", RESET_TOKENS)
    LLMFI_LIMIT_HEADER("anthropic-ratelimit-requests-remaining", LEFT_REQUESTS)
    LLMFI_LIMIT_HEADER("anthropic-ratelimit-tokens-remaining", LEFT_TOKENS)
    LLMFI_LIMIT_HEADER("anthropic-ratelimit-input-tokens-remaining", LEFT_TOKENS)
    LLMFI_LIMIT_HEADER("anthropic-ratelimit-output-tokens-remaining", LEFT_TOKENS)
    LLMFI_LIMIT_HEADER("anthropic-ratelimit-requests-reset", RESET_REQUESTS)
    LLMFI_LIMIT_HEADER("anthropic-ratelimit-tokens-reset", RESET_TOKENS)
    LLMFI_LIMIT_HEADER("anthropic-ratelimit-input-tokens-reset", RESET_TOKENS)
    LLMFI_LIMIT_HEADER("anthropic-ratelimit-output-tokens-reset", RESET_TOKENS)
#undef LLMFI_LIMIT_HEADER
};

/* A reply that is no success begins: what an earlier one said of limits, and of when they are filled again, is no longer so. */
static void llmfi_limits_forget(const llmfi_call *c) {
    llmfi_health *h = llmfi_health_at(c);
    if (h) h->left_requests = h->left_tokens = h->reset_requests_ms = h->reset_tokens_ms = LLMF_UNKNOWN;
}

/* A header of a long name, of a reply that is no success. */
static void llmfi_limit_header(llmfi_call *c, llmf_str name, llmf_str value) {
    llmfi_health *h = llmfi_health_at(c);
    int64_t n = LLMF_UNKNOWN;
    size_t i;
    for (i = 0; i < LLMFI_COUNT(llmfi_limit_headers); i++) {
        if (llmfi_limit_headers[i].len != name.len) continue;
        if (memcmp(name.ptr, llmfi_limit_headers[i].name, name.len) == 0 || llmfi_eq_nocase(name, llmfi_str(llmfi_limit_headers[i].name, name.len))) break;
    }
    if (i == LLMFI_COUNT(llmfi_limit_headers) || !h) return;
    if (llmfi_limit_headers[i].what >= LLMFI_RESET_REQUESTS) llmfi_parse_until(value, llmfi_wall(c->f), &n);
    else if (!llmfi_parse_int(value, &n) || n < 0) n = LLMF_UNKNOWN;
    switch (llmfi_limit_headers[i].what) {
    case LLMFI_LEFT_REQUESTS: h->left_requests = n; break;
    case LLMFI_LEFT_TOKENS: h->left_tokens = n; break;
    case LLMFI_RESET_REQUESTS: h->reset_requests_ms = n; break;
    default: h->reset_tokens_ms = n; break;
    }
}

/* ---- the attempts of a call that is over ---- */

/* False: there was one, and no more. */
static bool llmfi_settle_tries(llmfi_call *c) {
    struct llmfi_tries *t = c->tries;
    llmf_response *r = &c->response;
    if (!t) return false;
    if (t->hedge) llmfi_tries_note_as(t, t->hedge, t->hedge->reply.error.code != LLMF_OK ? t->hedge->reply.error.code : LLMF_ERR_CANCELLED); /* it goes right after */
    if (!t->due_ns && !t->noted && !c->kept_away) llmfi_tries_note(c);
    r->attempts = t->attempts;
    r->attempt_count = t->kept;
    r->attempt_total = t->total;
    return true;
}

#endif
#endif
