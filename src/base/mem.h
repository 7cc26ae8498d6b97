/* All memory of a factory is one block. Its front is the permanent arena (tables and slots, never given back), the rest a
   buddy heap: powers of two from LLMF_HEAP_UNIT up, so that the worst case can be computed, as SQLite's memsys5 does. From it
   each call takes arenas (many small things, freed as one) and buffers (one contiguous piece that grows).
   Nothing here knows what it stores; a refused request is NULL and never fatal. */
#ifndef LLMFI_BASE_MEM_H
#define LLMFI_BASE_MEM_H
#include <stdint.h>
#include "str.h"

/* Smallest piece of the heap in bytes: a power of two, at least 64 on 64-bit machines (a free piece holds two links). */
#ifndef LLMF_HEAP_UNIT
#define LLMF_HEAP_UNIT 64
#endif
#define LLMFI_HEAP_ORDERS 32
#define LLMFI_ALIGN 16

typedef struct llmfi_piece {
    struct llmfi_piece *next, *prev;
} llmfi_piece;

typedef struct llmfi_heap {
    char *base;                              /* first unit; aligned to LLMFI_ALIGN */
    uint8_t *state;                          /* one byte a unit: order + 1 at the head of a piece, | LLMFI_HEAP_FREE; 0 inside */
    size_t units;
    size_t used, high;                       /* bytes handed out, rounded up; and the most there ever was */
    uint64_t requests;                       /* allocations and growths asked for, ever */
    uint64_t fail_at;                        /* the request of this number is refused; 0: none (fault injection) */
    bool fail_on;                            /* and so is each one after it */
#if LLMF_HAS_CACHE
    bool (*shed)(void *user);                /* gives back a piece that can be spared; false: there is none. NULL: nothing can */
    void *shed_user;
#endif
    llmfi_piece *free[LLMFI_HEAP_ORDERS];
} llmfi_heap;

#define LLMFI_HEAP_FREE 0x80u

static size_t llmfi_round_up(size_t n, size_t to) {
    return (n + to - 1) / to * to;
}

LLMFI_UNUSED static size_t llmfi_piece_bytes(int order) {
    return (size_t)LLMF_HEAP_UNIT << order;
}

static void llmfi_heap_link(llmfi_heap *h, size_t unit, int order) {
    llmfi_piece *p = (llmfi_piece *)(void *)(h->base + unit * LLMF_HEAP_UNIT);
    p->prev = NULL;
    p->next = h->free[order];
    if (p->next) p->next->prev = p;
    h->free[order] = p;
    h->state[unit] = (uint8_t)(LLMFI_HEAP_FREE | (unsigned)(order + 1));
}

static void llmfi_heap_unlink(llmfi_heap *h, size_t unit, int order) {
    llmfi_piece *p = (llmfi_piece *)(void *)(h->base + unit * LLMF_HEAP_UNIT);
    if (p->prev) p->prev->next = p->next;
    else h->free[order] = p->next;
    if (p->next) p->next->prev = p->prev;
    h->state[unit] = 0;
}

/* Takes over `size` bytes at `block` (any alignment, any size: a size that is no power of two becomes several pieces). */
LLMFI_UNUSED static void llmfi_heap_init(llmfi_heap *h, void *block, size_t size) {
    size_t skip = (LLMFI_ALIGN - (size_t)((uintptr_t)block % LLMFI_ALIGN)) % LLMFI_ALIGN, unit = 0, left;
    memset(h, 0, sizeof *h);
    if (size < skip + LLMF_HEAP_UNIT + 1 + LLMFI_ALIGN) return;
    h->units = (size - skip - LLMFI_ALIGN) / (LLMF_HEAP_UNIT + 1);
    h->base = (char *)block + skip;
    h->state = (uint8_t *)h->base + h->units * LLMF_HEAP_UNIT;
    memset(h->state, 0, h->units);
    for (left = h->units; left;) {
        int order = 0;
        while (order + 1 < LLMFI_HEAP_ORDERS && ((size_t)2 << order) <= left && unit % ((size_t)2 << order) == 0) order++;
        llmfi_heap_link(h, unit, order);
        unit += (size_t)1 << order;
        left -= (size_t)1 << order;
    }
}

static LLMFI_SHORT bool llmfi_heap_refuse(llmfi_heap *h) {
    h->requests++;
    return h->fail_at && (h->requests == h->fail_at || (h->fail_on && h->requests > h->fail_at));
}

/* The order that holds `size` bytes, or -1 when none does. */
static int llmfi_heap_order(size_t size) {
    int order = 0;
#if defined(__GNUC__) && !LLMFI_SMALL
    if (size > LLMF_HEAP_UNIT) order = 64 - __builtin_clzll((unsigned long long)(size - 1) / LLMF_HEAP_UNIT);
#endif
    while (order < LLMFI_HEAP_ORDERS && llmfi_piece_bytes(order) < size) order++;
    return order < LLMFI_HEAP_ORDERS && size <= (size_t)-1 / 4 ? order : -1;
}

/* Splits the piece at `unit` from `order` down to `want`; the upper halves become free. */
static void llmfi_heap_split(llmfi_heap *h, size_t unit, int order, int want) {
    while (order > want) {
        order--;
        llmfi_heap_link(h, unit + ((size_t)1 << order), order);
    }
    h->state[unit] = (uint8_t)(want + 1);
    h->used += llmfi_piece_bytes(want);
    if (h->used > h->high) h->high = h->used;
}

#if LLMF_HAS_CACHE
/* No piece is free: true where one of that order may be now. */
static LLMFI_COLD bool llmfi_heap_shed(llmfi_heap *h, int want) {
    return h->shed && llmfi_piece_bytes(want) <= h->units * LLMF_HEAP_UNIT && h->shed(h->shed_user);
}
#else
#define llmfi_heap_shed(h, want) false
#endif

/* At least `size` bytes aligned to LLMFI_ALIGN, not cleared; NULL when refused. */
LLMFI_UNUSED static void *llmfi_heap_alloc(llmfi_heap *h, size_t size) {
    int want = llmfi_heap_order(size), order;
    size_t unit;
    if (llmfi_heap_refuse(h) || want < 0) return NULL;
    for (order = want; order < LLMFI_HEAP_ORDERS && !h->free[order];)
        if (++order == LLMFI_HEAP_ORDERS && llmfi_heap_shed(h, want)) order = want;
    if (order == LLMFI_HEAP_ORDERS) return NULL;
    unit = (size_t)((char *)(void *)h->free[order] - h->base) / LLMF_HEAP_UNIT;
    llmfi_heap_unlink(h, unit, order);
    llmfi_heap_split(h, unit, order, want);
    return h->base + unit * LLMF_HEAP_UNIT;
}

/* Bytes usable at a pointer that llmfi_heap_alloc gave. */
static size_t llmfi_heap_size(const llmfi_heap *h, const void *ptr) {
    size_t unit = (size_t)((const char *)ptr - h->base) / LLMF_HEAP_UNIT;
    return llmfi_piece_bytes(h->state[unit] - 1);
}

/* True when the buddy of the piece at `unit` is a free piece of the same order. */
static LLMFI_SHORT bool llmfi_heap_buddy_free(const llmfi_heap *h, size_t unit, int order) {
    size_t buddy = unit ^ ((size_t)1 << order);
    return buddy + ((size_t)1 << order) <= h->units && h->state[buddy] == (uint8_t)(LLMFI_HEAP_FREE | (unsigned)(order + 1));
}

/* Gives a piece back; NULL is nothing. */
LLMFI_UNUSED static void llmfi_heap_free(llmfi_heap *h, void *ptr) {
    size_t unit;
    int order;
    if (!ptr) return;
    unit = (size_t)((char *)ptr - h->base) / LLMF_HEAP_UNIT;
    order = h->state[unit] - 1;
    h->used -= llmfi_piece_bytes(order);
    h->state[unit] = 0;
    while (order + 1 < LLMFI_HEAP_ORDERS && llmfi_heap_buddy_free(h, unit, order)) {
        llmfi_heap_unlink(h, unit ^ ((size_t)1 << order), order);
        unit &= ~((size_t)1 << order);
        order++;
    }
    llmfi_heap_link(h, unit, order);
}

/* Grows a piece where it stands, as long as the buddies above it are free. True when it now holds `size` bytes. */
static bool llmfi_heap_grow(llmfi_heap *h, void *ptr, size_t size) {
    size_t unit = (size_t)((char *)ptr - h->base) / LLMF_HEAP_UNIT;
    int order = h->state[unit] - 1, want = llmfi_heap_order(size), at;
    if (want < 0) return false;
    for (at = order; at < want; at++)
        if ((unit & ((size_t)1 << at)) || !llmfi_heap_buddy_free(h, unit, at)) return false;
    for (at = order; at < want; at++) llmfi_heap_unlink(h, unit ^ ((size_t)1 << at), at);
    h->used -= llmfi_piece_bytes(order);
    llmfi_heap_split(h, unit, at, at);
    return true;
}

/* Moves `keep` bytes into a piece of `size` bytes, in place where it can. NULL when refused: the old piece is untouched. */
LLMFI_UNUSED static void *llmfi_heap_resize(llmfi_heap *h, void *ptr, size_t keep, size_t size) {
    void *to;
    if (!ptr) return llmfi_heap_alloc(h, size);
    if (llmfi_heap_size(h, ptr) >= size) return ptr;
    if (llmfi_heap_refuse(h)) return NULL;
    if (llmfi_heap_grow(h, ptr, size)) return ptr;
    h->requests--; /* one question, one count: the allocation below is the same request */
    to = llmfi_heap_alloc(h, size);
    if (!to) return NULL;
    memcpy(to, ptr, keep);
    llmfi_heap_free(h, ptr);
    return to;
}

/* ---- arena: many small things, freed as one ---- */

/* Bytes of an arena's first piece; later pieces double up to eight times that. */
#ifndef LLMF_ARENA_PIECE
#define LLMF_ARENA_PIECE 1024
#endif

typedef struct llmfi_arena_piece {
    struct llmfi_arena_piece *older;
    size_t size;
} llmfi_arena_piece;

typedef struct llmfi_arena {
    llmfi_heap *heap;
    llmfi_arena_piece *newest;
    char *at, *end;                          /* free room of the newest piece */
    size_t total, limit;                     /* bytes taken from the heap, and the most it may take; 0: no limit of its own */
    bool failed;                             /* a request was refused: whoever builds in this arena may look once, at the end */
} llmfi_arena;

LLMFI_UNUSED static LLMFI_SHORT void llmfi_arena_init(llmfi_arena *a, llmfi_heap *heap, size_t limit) {
    memset(a, 0, sizeof *a);
    a->heap = heap;
    a->limit = limit;
}

static bool llmfi_arena_more(llmfi_arena *a, size_t size) {
    size_t head = llmfi_round_up(sizeof(llmfi_arena_piece), LLMFI_ALIGN);
    size_t want = a->newest ? a->newest->size * 2 : LLMF_ARENA_PIECE, left = a->limit > a->total ? a->limit - a->total : 0;
    llmfi_arena_piece *piece;
    int order;
    if (want > (size_t)LLMF_ARENA_PIECE * 8) want = (size_t)LLMF_ARENA_PIECE * 8;
    if (size > (size_t)-1 / 8) return false;
    if (want < size + head || (a->limit && want > left)) want = size + head; /* near the limit: only what is asked for */
    order = llmfi_heap_order(want);
    if (a->limit && (order < 0 || llmfi_piece_bytes(order) > left)) return false;
    piece = (llmfi_arena_piece *)llmfi_heap_alloc(a->heap, want);
    if (!piece) return false;
    piece->size = llmfi_heap_size(a->heap, piece);
    piece->older = a->newest;
    a->newest = piece;
    a->total += piece->size;
    a->at = (char *)(void *)piece + head;
    a->end = (char *)(void *)piece + piece->size;
    return true;
}

/* `size` bytes of zeros aligned to LLMFI_ALIGN, or NULL. */
LLMFI_UNUSED static void *llmfi_arena_alloc(llmfi_arena *a, size_t size) {
    char *at;
    if (size > (size_t)-1 / 4) size = (size_t)-1 / 4;
    size = llmfi_round_up(size ? size : 1, LLMFI_ALIGN);
    if ((size_t)(a->end - a->at) < size && !llmfi_arena_more(a, size)) {
        a->failed = true;
        return NULL;
    }
    at = a->at;
    a->at += size;
    memset(at, 0, size);
    return at;
}

/* `count` things of `size` bytes each; NULL also when the product does not fit. */
LLMFI_UNUSED static LLMFI_SHORT void *llmfi_arena_array(llmfi_arena *a, size_t count, size_t size) {
    if (size && count > (size_t)-1 / 4 / size) {
        a->failed = true;
        return NULL;
    }
    return llmfi_arena_alloc(a, count * size);
}

/* A copy with a NUL behind it (not counted in len); empty with ptr "" when refused: look at a->failed. */
LLMFI_UNUSED static llmf_str llmfi_arena_copy(llmfi_arena *a, llmf_str s) {
    char *to = s.len < (size_t)-1 / 4 ? (char *)llmfi_arena_alloc(a, s.len + 1) : NULL;
    if (!to) {
        a->failed = true;
        return llmfi_str("", 0);
    }
    if (s.len) memcpy(to, s.ptr, s.len);
    return llmfi_str(to, s.len);
}

#if LLMF_HAS_RETRY || LLMFI_HAS_STEPS

/* How far an arena is filled: it can be emptied down to there again. */
typedef struct llmfi_arena_mark {
    llmfi_arena_piece *newest;
    char *at;
} llmfi_arena_mark;

LLMFI_UNUSED static llmfi_arena_mark llmfi_arena_mark_of(const llmfi_arena *a) {
    llmfi_arena_mark m;
    m.newest = a->newest;
    m.at = a->at;
    return m;
}

LLMFI_UNUSED static void llmfi_arena_rewind(llmfi_arena *a, const llmfi_arena_mark *m) {
    while (a->newest != m->newest) {
        llmfi_arena_piece *older = a->newest->older;
        a->total -= a->newest->size;
        llmfi_heap_free(a->heap, a->newest);
        a->newest = older;
    }
    a->at = m->at;
    a->end = a->newest ? (char *)(void *)a->newest + a->newest->size : NULL;
    a->failed = false;
}

#endif

LLMFI_UNUSED static void llmfi_arena_free(llmfi_arena *a) {
    while (a->newest) {
        llmfi_arena_piece *older = a->newest->older;
        llmfi_heap_free(a->heap, a->newest);
        a->newest = older;
    }
    a->at = a->end = NULL;
    a->total = 0;
    a->failed = false;
}

/* ---- buffer: one contiguous piece that grows ---- */

typedef struct llmfi_buf {
    llmfi_heap *heap;
    char *ptr;
    size_t len, cap, limit;                  /* limit: the most bytes it may hold; 0: only the heap's */
} llmfi_buf;

LLMFI_UNUSED static void llmfi_buf_init(llmfi_buf *b, llmfi_heap *heap, size_t limit) {
    memset(b, 0, sizeof *b);
    b->heap = heap;
    b->limit = limit;
}

/* Room for `more` bytes behind len. False when refused; what is there stays. */
LLMFI_UNUSED static bool llmfi_buf_reserve(llmfi_buf *b, size_t more) {
    char *to;
    if (b->limit && (b->len > b->limit || more > b->limit - b->len)) return false;
    if (more <= b->cap - b->len) return true;
    if (more > (size_t)-1 / 4) return false;
    to = (char *)llmfi_heap_resize(b->heap, b->ptr, b->len, b->len + more);
    if (!to) return false;
    b->ptr = to;
    b->cap = llmfi_heap_size(b->heap, to);
    return true;
}

LLMFI_UNUSED static bool llmfi_buf_add(llmfi_buf *b, const char *bytes, size_t len) {
    if (!llmfi_buf_reserve(b, len)) return false;
    if (len) memcpy(b->ptr + b->len, bytes, len);
    b->len += len;
    return true;
}

/* Drops the first `n` bytes. */
LLMFI_UNUSED static void llmfi_buf_drop(llmfi_buf *b, size_t n) {
    if (n > b->len) n = b->len;
    if (!n) return;
    b->len -= n;
    if (b->len) memmove(b->ptr, b->ptr + n, b->len);
}

LLMFI_UNUSED static llmf_str llmfi_buf_str(const llmfi_buf *b) {
    return llmfi_str(b->ptr ? b->ptr : "", b->len);
}

LLMFI_UNUSED static void llmfi_buf_free(llmfi_buf *b) {
    if (b->ptr) llmfi_heap_free(b->heap, b->ptr);
    b->ptr = NULL;
    b->len = b->cap = 0;
}

#endif
