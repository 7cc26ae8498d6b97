/* The transport "replay": plays a recorded reply to each exchange, in pieces of any size and with faults at any byte. No descriptor, no clock:
   the same recording gives the same pieces each time. */
#ifndef LLMFI_NET_REPLAY_H
#define LLMFI_NET_REPLAY_H
#include "transport.h"

#if LLMF_HAS_REPLAY

/* One exchange; in x->state. */
typedef struct llmfi_play {
    const llmf_recording *recording;         /* NULL: there was none at the start */
    uint64_t at, random;                     /* bytes given; state of the generator */
    size_t piece;                            /* bytes left of the piece that is being given */
    bool begun, paused, stalled, in_use, gone; /* gone: cancelled or ended while in_use */
} llmfi_play;

typedef struct llmfi_replay_transport {
    llmfi_transport t;
    const llmf_recording *recording;
    llmf_exchange *first, *last;
    size_t count;
    bool more;                               /* the slice was over before everything that could be given was */
} llmfi_replay_transport;

/* For every exchange that starts from now on; borrowed until they have ended. */
LLMFI_UNUSED static void llmfi_replay_set(llmfi_transport *t, const llmf_recording *recording) {
    ((llmfi_replay_transport *)(void *)t)->recording = recording;
}

static void llmfi_replay_unlink(llmfi_replay_transport *r, llmf_exchange *x) {
    if (x->prev) x->prev->next = x->next;
    else r->first = x->next;
    if (x->next) x->next->prev = x->prev;
    else r->last = x->prev;
    r->count--;
}

static void llmfi_replay_link(llmfi_replay_transport *r, llmf_exchange *x) {
    x->next = NULL;
    x->prev = r->last;
    if (r->last) r->last->next = x;
    else r->first = x;
    r->last = x;
    r->count++;
}

static int llmfi_replay_start(llmfi_transport *t, llmf_exchange *x) {
    llmfi_replay_transport *r = (llmfi_replay_transport *)(void *)t;
    llmfi_play *p;
    t->why = "the transport \"replay\" has nothing to play: call llmf_replay first";
    if (!r->recording) return LLMF_ERR_ARGUMENT;
    t->why = "no memory for a replay: raise memory_size";
    p = (llmfi_play *)llmfi_heap_alloc(t->net->heap, sizeof *p);
    if (!p) return LLMF_ERR_MEMORY;
    memset(p, 0, sizeof *p);
    p->recording = r->recording;
    p->random = r->recording->seed;
    x->state = p;
    llmfi_replay_link(r, x);
    r->more = true;
    return LLMF_OK;
}

/* Out of the list; the memory goes when nobody works on it. */
static void llmfi_replay_leave(llmfi_replay_transport *r, llmf_exchange *x) {
    llmfi_play *p = (llmfi_play *)x->state;
    llmfi_replay_unlink(r, x);
    x->state = NULL;
    p->gone = true;
    if (!p->in_use) llmfi_heap_free(r->t.net->heap, p);
}

static void llmfi_replay_cancel(llmfi_transport *t, llmf_exchange *x) {
    llmfi_replay_leave((llmfi_replay_transport *)(void *)t, x);
}

/* splitmix64: any seed is a good one. */
static uint64_t llmfi_replay_random(uint64_t *state) {
    uint64_t z = (*state += UINT64_C(0x9E3779B97F4A7C15));
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

/* Bytes up to the next fault or the end. */
static uint64_t llmfi_replay_room(const llmfi_play *p) {
    const llmf_recording *r = p->recording;
    uint64_t end = r->body.len;
    if (r->cut_at && r->cut_at - 1 < end) end = r->cut_at - 1;
    if (r->reset_at && r->reset_at - 1 < end) end = r->reset_at - 1;
    if (r->stall_at && r->stall_at - 1 < end) end = r->stall_at - 1;
    return end - p->at;
}

static size_t llmfi_replay_piece(llmfi_play *p) {
    const llmf_recording *r = p->recording;
    uint64_t room = llmfi_replay_room(p), want = r->chunk ? r->chunk : room;
    if (r->seed) want = 1 + llmfi_replay_random(&p->random) % (r->chunk ? r->chunk : 64);
    return (size_t)(want < room ? want : room);
}

/* What stands behind the last byte given. */
static void llmfi_replay_finish(llmfi_replay_transport *r, llmf_exchange *x) {
    llmfi_play *p = (llmfi_play *)x->state;
    const llmf_recording *rec = p->recording;
    uint64_t next = p->at + 1;
    if (rec->stall_at == next) {
        p->stalled = true;
        return;
    }
    llmfi_replay_leave(r, x);
    if (rec->reset_at == next && rec->cut_at != next) llmf_exchange_end(x, LLMF_ERR_TRUNCATED, "replay: the connection was reset within the reply");
    else llmf_exchange_end(x, LLMF_OK, NULL);
}

/* Status and headers. False: x has gone. */
static bool llmfi_replay_begin(llmf_exchange *x, llmfi_play *p) {
    const llmf_recording *rec = p->recording;
    size_t i;
    p->begun = true;
    llmfi_exchange_connected(x);
    if (!p->gone) llmf_exchange_status(x, rec->status ? rec->status : 200);
    for (i = 0; i < rec->header_count && !p->gone; i++) llmf_exchange_header(x, rec->headers[i].name, rec->headers[i].value);
    return !p->gone;
}

/* Plays on until the end, a stall, a call that has enough, or the end of the slice. */
static void llmfi_replay_play(llmfi_replay_transport *r, llmf_exchange *x) {
    llmfi_play *p = (llmfi_play *)x->state;
    bool on = true;
    if (p->paused || p->stalled || p->in_use) return;
    p->in_use = true;
    if (!p->begun) on = llmfi_replay_begin(x, p);
    while (on && !p->paused) {
        size_t taken;
        if (!p->piece) p->piece = llmfi_replay_piece(p);
        if (!p->piece) break;
        taken = llmf_exchange_data(x, p->recording->body.ptr + p->at, p->piece);
        if (p->gone) break;
        if (taken > p->piece) taken = p->piece;
        p->at += taken;
        p->piece -= taken;
        p->paused = p->piece != 0;
        on = !llmfi_slice_over(r->t.net);
    }
    if (!on && !p->gone && !p->paused) r->more = true;
    if (on && !p->gone && !p->paused) llmfi_replay_finish(r, x);
    p->in_use = false;
    if (p->gone) llmfi_heap_free(r->t.net->heap, p);
}

static void llmfi_replay_resume(llmfi_transport *t, llmf_exchange *x) {
    llmfi_play *p = (llmfi_play *)x->state;
    if (!p || p->in_use) return;
    p->paused = false;
    llmfi_replay_play((llmfi_replay_transport *)(void *)t, x);
}

/* Each exchange in turn: who was served last is first in no line. */
static void llmfi_replay_tick(llmfi_transport *t) {
    llmfi_replay_transport *r = (llmfi_replay_transport *)(void *)t;
    size_t n = r->count;
    if (!r->more) return;
    r->more = false;
    while (n-- && r->first) {
        llmf_exchange *x = r->first;
        llmfi_replay_unlink(r, x);
        llmfi_replay_link(r, x);
        llmfi_replay_play(r, x);
        if (n && llmfi_slice_over(t->net)) {
            r->more = true;
            return;
        }
    }
}

static int64_t llmfi_replay_wait_ms(llmfi_transport *t) {
    return ((llmfi_replay_transport *)(void *)t)->more ? 0 : -1;
}

static void llmfi_replay_close(llmfi_transport *t) {
    llmfi_replay_transport *r = (llmfi_replay_transport *)(void *)t;
    while (r->first) llmfi_replay_leave(r, r->first);
    llmfi_heap_free(t->net->heap, r);
}

/* NULL: no memory. */
LLMFI_UNUSED static llmfi_transport *llmfi_replay_open(llmfi_net *net) {
    llmfi_replay_transport *r = (llmfi_replay_transport *)llmfi_heap_alloc(net->heap, sizeof *r);
    if (!r) return NULL;
    memset(r, 0, sizeof *r);
    r->t.name = "replay";
    r->t.net = net;
    r->t.start = llmfi_replay_start;
    r->t.cancel = llmfi_replay_cancel;
    r->t.resume = llmfi_replay_resume;
    r->t.tick = llmfi_replay_tick;
    r->t.wait_ms = llmfi_replay_wait_ms;
    r->t.close = llmfi_replay_close;
    return &r->t;
}

#endif
#endif
