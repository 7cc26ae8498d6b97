/* A call that is late is asked for twice: after hedge_ms without content the next model of its chain, or else the same one, gets the request too. Whoever has content
   first is the call from then on; the other one is cancelled. The second is an ordinary call that nobody sees, until it takes the first one's place: its id, its events,
   its record of attempts. Both are told of as attempts. */
#ifndef LLMFI_ENGINE_HEDGE_H
#define LLMFI_ENGINE_HEDGE_H
#include "admit.h"
#include "settle.h"

#if LLMF_HAS_RETRY

static void llmfi_call_release(llmfi_call *c);
static llmfi_call *llmfi_call_new(llmf_factory *f);
static bool llmfi_call_build_on(llmfi_call *c);
static bool llmfi_call_go(llmfi_call *c);
static void llmfi_set_deadline(llmfi_call *c);
static void llmfi_hand_out(llmfi_call *c);

static llmfi_call *llmfi_hedge_of(const llmfi_call *c) {
    return c->tries ? c->tries->hedge : NULL;
}

/* The second one goes; its attempt is told of, as `code` where it had not ended by itself. */
static void llmfi_hedge_drop(llmfi_call *c, int code) {
    llmfi_call *n = llmfi_hedge_of(c);
    if (!n) return;
    if (n->x.by) n->x.by->cancel(n->x.by, &n->x);
    n->x.by = NULL;
    llmfi_seen_attempt(n, n->reply.error.code != LLMF_OK ? n->reply.error.code : code);
    if (!c->ended) llmfi_tries_note_as(c->tries, n, n->reply.error.code != LLMF_OK ? n->reply.error.code : code);
    c->tries->hedge = NULL;
    llmfi_call_release(n);
}

/* A call is given back: nothing of the pair points to it any more. */
static void llmfi_hedge_forget(llmfi_call *c) {
    if (c->hedge_of) c->hedge_of->tries->hedge = NULL;
    llmfi_hedge_drop(c, LLMF_ERR_CANCELLED);
}

/* Which model is asked besides: the next of the chain that may be; else the same one. */
static llmfi_prepared *llmfi_hedge_model(llmfi_call *c, size_t *at) {
    struct llmfi_tries *t = c->tries;
    size_t i, n = llmfi_chain_length(c);
    for (i = t->at + 1; i <= n; i++) {
        uint64_t until;
        llmf_error err;
        llmfi_prepared *p = llmfi_chain_at(c, i - 1, &err);
        if (p && !p->health) p->health = llmfi_health_of(c->f, &p->record);
        if (!p || !llmfi_may_ask(c, p, false, &err, &until)) continue;
        *at = i;
        return p;
    }
    *at = t->at;
    return c->prepared;
}

/* It is time. Without room, or memory, the first one goes on alone. */
static void llmfi_hedge_start(llmfi_call *c) {
    struct llmfi_tries *t = llmfi_tries_of(c);
    llmfi_call *n;
    size_t at = 0;
    c->hedge_due = false;
    if (!t || t->hedge || c->ended || !llmfi_may_go_on(c)) return;
    n = llmfi_call_new(c->f);
    if (!n) return;
    c->f->active--;
    n->taken = true;
    n->prepared = llmfi_hedge_model(c, &at);
    n->prepared->references++;
    if (!t->models[at]) {
        t->models[at] = n->prepared;
        n->prepared->references++;
    }
    t->hedge = n;
    t->hedge_at = at;
    n->hedge_of = c;
#if LLMF_HAS_METRICS
    n->trace = c->trace;
#endif
    n->moved = at > 0;
    n->origin = c->origin;
    n->req = c->origin->req;
    n->ask.schemas = c->origin->ask.schemas;
    n->ask.format = c->origin->ask.format;
    n->ask.extra = c->origin->ask.extra;
    n->start_ns = c->start_ns;
    n->attempt_ns = c->f->now_ns;
    if (llmfi_call_build_on(n) && llmfi_call_go(n) && !n->tries) {
        llmfi_set_deadline(n);
        return;
    }
    t->hedge = NULL; /* nothing was sent */
    llmfi_call_release(n);
}

/* All that lives in the first one's arena stays with the call: its pieces go behind the second one's, where a rewinding finds them. */
static void llmfi_hedge_join(llmfi_arena *to, llmfi_arena *from) {
    llmfi_arena_piece *oldest = to->newest;
    if (!oldest) {
        to->at = from->at;
        to->end = from->end;
        to->newest = from->newest;
    } else {
        while (oldest->older) oldest = oldest->older;
        oldest->older = from->newest;
    }
    to->total += from->total;
    from->newest = NULL;
    from->at = from->end = NULL;
}

/* The second one is the call now. */
static void llmfi_hedge_wins(llmfi_call *c) {
    struct llmfi_tries *t = c->tries;
    llmfi_call *n = t->hedge;
    llmf_factory *f = c->f;
    uint32_t at = (uint32_t)c->id, nth = (uint32_t)n->id;
    uint64_t id = c->id;
    if (c->x.by) c->x.by->cancel(c->x.by, &c->x);
    c->x.by = NULL;
    llmfi_attempt_over(c);
    llmfi_seen_attempt(c, LLMF_ERR_CANCELLED);
    if (!t->noted && !c->kept_away) llmfi_tries_note_as(t, c, LLMF_ERR_CANCELLED);
    if (n->prepared->health && n->prepared->health->probe == n->id) n->prepared->health->probe = c->id;
    c->id = n->id;
    n->id = id;
    f->slots[at - 1].call = n;
    f->slots[nth - 1].call = c;
    f->body_of = 0;
    t->hedge = NULL;
    t->noted = n->ended;
    t->at = t->hedge_at;
    t->due_ns = 0;
    n->hedge_of = NULL;
    n->tries = t;
    n->quiet = c->quiet;
    n->taken = false;
    c->taken = true;
    llmfi_wipe_secrets(c);
    c->secret = llmfi_str("", 0);
    llmfi_hedge_join(&n->arena, &c->arena);
    c->tries = NULL;
    c->origin = NULL;
    c->ended = true; /* for it there is nothing to tell */
    llmfi_call_release(c);
    if (n->ended) {
        t->noted = false;
        llmfi_settle(n);
        llmfi_seen_end(n, n->response.error.code);
    } else {
        llmfi_set_deadline(n);
    }
    llmfi_hand_out(n);
}

/* Something has happened to one of the two. True: c is no more. */
static bool llmfi_hedge_work(llmfi_call *c) {
    llmfi_call *n = llmfi_hedge_of(c);
    bool answered = n->reply.content || n->reply.refused || (n->ended && n->reply.error.code == LLMF_OK);
    if (c->ended || c->reply.content || c->reply.refused) llmfi_hedge_drop(c, LLMF_ERR_CANCELLED);
    else if (answered && n->reply.error.code == LLMF_OK) {
        llmfi_hedge_wins(c);
        return true;
    } else if (n->ended && c->tries->due_ns == UINT64_MAX) { /* both have failed: the second one's end is the call's */
        c->reply.error = n->response.error;
        c->reply.error.message = llmfi_str("", 0);
        llmfi_hedge_drop(c, LLMF_ERR_CANCELLED);
        c->tries->due_ns = 0;
    } else if (n->ended) {
        llmfi_hedge_drop(c, LLMF_ERR_CANCELLED);
    }
    return false;
}

#endif
#endif
