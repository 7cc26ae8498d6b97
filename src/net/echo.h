/* The transport "echo": answers each exchange with status 200 and the request's own body. It stands behind URLs that begin with "mock:", so that the dialect
   mock can write its reply as its request. No descriptor, no clock. */
#ifndef LLMFI_NET_ECHO_H
#define LLMFI_NET_ECHO_H
#include "transport.h"

/* Bytes of body that an exchange holds: read from the request, not yet taken by the reply. */
#define LLMFI_ECHO_PIECE 512

/* One exchange; in x->state. */
typedef struct llmfi_echoed {
    size_t at, len;                          /* bytes[at … len) wait to be taken */
    bool begun, paused, in_use, gone;        /* gone: cancelled or ended while in_use */
    char bytes[LLMFI_ECHO_PIECE];
} llmfi_echoed;

typedef struct llmfi_echo_transport {
    llmfi_transport t;
    llmf_exchange *first, *last;
    size_t count;
    bool more;                               /* something could be given that was not: a new exchange, or the slice was over */
} llmfi_echo_transport;

static void llmfi_echo_unlink(llmfi_echo_transport *e, llmf_exchange *x) {
    if (x->prev) x->prev->next = x->next;
    else e->first = x->next;
    if (x->next) x->next->prev = x->prev;
    else e->last = x->prev;
    e->count--;
}

static void llmfi_echo_link(llmfi_echo_transport *e, llmf_exchange *x) {
    x->next = NULL;
    x->prev = e->last;
    if (e->last) e->last->next = x;
    else e->first = x;
    e->last = x;
    e->count++;
}

static int llmfi_echo_start(llmfi_transport *t, llmf_exchange *x) {
    llmfi_echo_transport *e = (llmfi_echo_transport *)(void *)t;
    llmfi_echoed *p = (llmfi_echoed *)llmfi_heap_alloc(t->net->heap, sizeof *p);
    t->why = "no memory for an exchange: raise memory_size";
    if (!p) return LLMF_ERR_MEMORY;
    memset(p, 0, sizeof *p);
    x->state = p;
    llmfi_echo_link(e, x);
    e->more = true;
    return LLMF_OK;
}

/* Out of the list; the memory goes when nobody works on it. */
static void llmfi_echo_leave(llmfi_echo_transport *e, llmf_exchange *x) {
    llmfi_echoed *p = (llmfi_echoed *)x->state;
    llmfi_echo_unlink(e, x);
    x->state = NULL;
    p->gone = true;
    if (!p->in_use) llmfi_heap_free(e->t.net->heap, p);
}

static void llmfi_echo_cancel(llmfi_transport *t, llmf_exchange *x) {
    llmfi_echo_leave((llmfi_echo_transport *)(void *)t, x);
}

/* Status and headers. False: x has gone. */
static bool llmfi_echo_begin(llmf_exchange *x, llmfi_echoed *p) {
    p->begun = true;
    llmfi_exchange_connected(x);
    if (!p->gone) llmf_exchange_status(x, 200);
    if (!p->gone) llmf_exchange_header(x, LLMFI_LIT("content-type"), LLMFI_LIT("application/x-ndjson"));
    return !p->gone;
}

/* Offers what waits, reading on where nothing does. False: x has gone, has enough for now, or is complete. */
static bool llmfi_echo_give(llmfi_echo_transport *e, llmf_exchange *x, llmfi_echoed *p) {
    size_t taken;
    if (p->at == p->len) {
        p->at = 0;
        p->len = llmf_exchange_read(x, p->bytes, sizeof p->bytes);
        if (!p->len) {
            llmfi_echo_leave(e, x);
            llmf_exchange_end(x, LLMF_OK, NULL);
            return false;
        }
    }
    taken = llmf_exchange_data(x, p->bytes + p->at, p->len - p->at);
    if (p->gone) return false;
    p->at += taken < p->len - p->at ? taken : p->len - p->at;
    p->paused = p->at < p->len;
    return !p->paused;
}

/* Until the end, a call that has enough, or the end of the slice. */
static void llmfi_echo_play(llmfi_echo_transport *e, llmf_exchange *x) {
    llmfi_echoed *p = (llmfi_echoed *)x->state;
    bool on = true;
    if (p->paused || p->in_use) return;
    p->in_use = true;
    if (!p->begun) on = llmfi_echo_begin(x, p);
    while (on && (on = llmfi_echo_give(e, x, p)) && !llmfi_slice_over(e->t.net)) continue;
    if (on) e->more = true;
    p->in_use = false;
    if (p->gone) llmfi_heap_free(e->t.net->heap, p);
}

static void llmfi_echo_resume(llmfi_transport *t, llmf_exchange *x) {
    llmfi_echoed *p = (llmfi_echoed *)x->state;
    if (!p || p->in_use) return;
    p->paused = false;
    llmfi_echo_play((llmfi_echo_transport *)(void *)t, x);
}

/* Each exchange in turn: who was served last stands at the end of the line. */
static void llmfi_echo_tick(llmfi_transport *t) {
    llmfi_echo_transport *e = (llmfi_echo_transport *)(void *)t;
    size_t n = e->count;
    if (!e->more) return;
    e->more = false;
    while (n-- && e->first) {
        llmf_exchange *x = e->first;
        llmfi_echo_unlink(e, x);
        llmfi_echo_link(e, x);
        llmfi_echo_play(e, x);
        if (n && llmfi_slice_over(t->net)) {
            e->more = true;
            return;
        }
    }
}

static int64_t llmfi_echo_wait_ms(llmfi_transport *t) {
    return ((llmfi_echo_transport *)(void *)t)->more ? 0 : -1;
}

static void llmfi_echo_close(llmfi_transport *t) {
    llmfi_echo_transport *e = (llmfi_echo_transport *)(void *)t;
    while (e->first) llmfi_echo_leave(e, e->first);
    llmfi_heap_free(t->net->heap, e);
}

/* NULL: no memory. */
LLMFI_UNUSED static llmfi_transport *llmfi_echo_open(llmfi_net *net) {
    llmfi_echo_transport *e = (llmfi_echo_transport *)llmfi_heap_alloc(net->heap, sizeof *e);
    if (!e) return NULL;
    memset(e, 0, sizeof *e);
    e->t.name = "echo";
    e->t.net = net;
    e->t.start = llmfi_echo_start;
    e->t.cancel = llmfi_echo_cancel;
    e->t.resume = llmfi_echo_resume;
    e->t.tick = llmfi_echo_tick;
    e->t.wait_ms = llmfi_echo_wait_ms;
    e->t.close = llmfi_echo_close;
    return &e->t;
}

#endif
