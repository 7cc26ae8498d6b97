/* What the user brings: a byte stream under our HTTP (custom_stream), or an HTTP client (custom_transport). */
#ifndef LLMFI_NET_CUSTOM_H
#define LLMFI_NET_CUSTOM_H
#include "http.h"

/* Our HTTP over desc->custom_stream. NULL: no memory. */
LLMFI_UNUSED static llmfi_transport *llmfi_stream_open(llmfi_net *net) {
    llmfi_http *h = llmfi_http_open(net, "custom_stream");
    if (!h) return NULL;
    h->stream.ops = *net->desc->custom_stream;
    h->stream.open_error = LLMF_ERR_NETWORK;
    h->stream.tls = true;
#if LLMF_HAS_BEARSSL
    h->secure = h->stream;
#endif
    return &h->t;
}

/* ---- an HTTP client of the user's ---- */

/* How often its poll runs while it may have something under way, in milliseconds: its descriptors are its own. */
#define LLMFI_CUSTOM_MS 1

typedef struct llmfi_custom {
    llmfi_transport t;
    llmf_exchange *first, *last;             /* to be started at the next tick: then all its callbacks come from there. Their state is this struct */
    bool any;                                /* something was started, ever */
} llmfi_custom;

static void llmfi_custom_unlink(llmfi_custom *c, llmf_exchange *x) {
    if (x->prev) x->prev->next = x->next;
    else c->first = x->next;
    if (x->next) x->next->prev = x->prev;
    else c->last = x->prev;
    x->next = x->prev = NULL;
    x->state = NULL;
}

static int llmfi_custom_start(llmfi_transport *t, llmf_exchange *x) {
    llmfi_custom *c = (llmfi_custom *)(void *)t;
    x->next = NULL;
    x->prev = c->last;
    if (c->last) c->last->next = x;
    else c->first = x;
    c->last = x;
    x->state = c;
    return LLMF_OK;
}

static void llmfi_custom_cancel(llmfi_transport *t, llmf_exchange *x) {
    llmfi_custom *c = (llmfi_custom *)(void *)t;
    const llmf_transport *user = t->net->desc->custom_transport;
    if (x->state == c) llmfi_custom_unlink(c, x);
    else if (user->cancel) user->cancel(user->user, x);
}

/* It offers the rest at its next poll by itself. */
static void llmfi_custom_resume(llmfi_transport *t, llmf_exchange *x) {
    (void)t, (void)x;
}

static void llmfi_custom_tick(llmfi_transport *t) {
    llmfi_custom *c = (llmfi_custom *)(void *)t;
    const llmf_transport *user = t->net->desc->custom_transport;
    while (c->first) {
        llmf_exchange *x = c->first;
        int got;
        llmfi_custom_unlink(c, x);
        c->any = true;
        got = user->start(user->user, x, &x->req);
        if (got != LLMF_OK) llmf_exchange_end(x, got, "the custom transport refused to start");
        else if (x->by) llmfi_exchange_connected(x); /* it cannot say when: from now on its reply is waited for */
        if (llmfi_slice_over(t->net)) break;
    }
    if (c->any && user->poll) user->poll(user->user, 0);
}

static int64_t llmfi_custom_wait_ms(llmfi_transport *t) {
    llmfi_custom *c = (llmfi_custom *)(void *)t;
    if (c->first) return 0;
    return c->any && t->net->desc->custom_transport->poll ? LLMFI_CUSTOM_MS : -1;
}

static void llmfi_custom_close(llmfi_transport *t) {
    llmfi_heap_free(t->net->heap, t);
}

/* desc->custom_transport. NULL: no memory. */
LLMFI_UNUSED static llmfi_transport *llmfi_custom_open(llmfi_net *net) {
    llmfi_custom *c = (llmfi_custom *)llmfi_heap_alloc(net->heap, sizeof *c);
    if (!c) return NULL;
    memset(c, 0, sizeof *c);
    c->t.name = "custom";
    c->t.net = net;
    c->t.start = llmfi_custom_start;
    c->t.cancel = llmfi_custom_cancel;
    c->t.resume = llmfi_custom_resume;
    c->t.tick = llmfi_custom_tick;
    c->t.wait_ms = llmfi_custom_wait_ms;
    c->t.close = llmfi_custom_close;
    return &c->t;
}

#endif
