/* The vectors of an embedding reply: each straight to its place, as numbers or base64. What a reply's index says comes before or behind the vector; where it is
   not the order in which they come, they are put right at the end. */
#ifndef LLMFI_PROVIDERS_VECTORS_H
#define LLMFI_PROVIDERS_VECTORS_H
#include "../src/wire/json_sieve.h"
#include "reply.h"

typedef struct llmfi_vectors {
    llmfi_heap *heap;
    float *at;                               /* the caller's; NULL: `own` */
    size_t room;                             /* floats there */
    size_t asked;                            /* how many vectors there must be; 0: any number */
    bool loose;                              /* the caller's rows stay as far apart as they are: another's are between them */
    llmfi_buf own;                           /* packed, the first row of unknown length */
    llmfi_buf places;                        /* uint32_t: where each row belongs; empty: where it stands */
    size_t dimensions, rows;                 /* of each; whole ones */
    int64_t index;                           /* what the reply says of this row; -1: nothing */
    bool filled;                             /* this row's vector has come */
} llmfi_vectors;

LLMFI_UNUSED static void llmfi_vectors_init(llmfi_vectors *v, llmfi_heap *heap, float *at, size_t room, size_t asked) {
    memset(v, 0, sizeof *v);
    v->heap = heap;
    v->at = at;
    v->room = room;
    v->asked = asked;
    v->index = -1;
    llmfi_buf_init(&v->own, heap, 0);
    llmfi_buf_init(&v->places, heap, 0);
}

LLMFI_UNUSED static void llmfi_vectors_free(llmfi_vectors *v) {
    llmfi_buf_free(&v->own);
    llmfi_buf_free(&v->places);
}

/* Floats from one row to the next. The caller's array is for `asked` rows of whatever length fits it. */
static size_t llmfi_vectors_stride(const llmfi_vectors *v) {
    return v->at ? v->room / v->asked : v->dimensions;
}

static float *llmfi_vectors_base(const llmfi_vectors *v) {
    return v->at ? v->at : (float *)(void *)v->own.ptr;
}

/* A row by its number. */
static float *llmfi_vectors_row(const llmfi_vectors *v, size_t row) {
    return llmfi_vectors_base(v) + row * llmfi_vectors_stride(v);
}

/* ---- what can be wrong ---- */

static LLMFI_COLD bool llmfi_vectors_wrong(llmfi_reply *r, const char *what) {
    llmfi_text t;
    if (r->error.code != LLMF_OK) return false;
    llmfi_reply_fail(r, LLMF_ERR_PROTOCOL, "");
    t = llmfi_error_text(&r->error);
    llmfi_say(&t, r->provider);
    LLMFI_SAY(&t, ": the reply is no list of vectors: ");
    llmfi_say_c(&t, what);
    return false;
}
#if !LLMF_HAS_STRINGS
#define llmfi_vectors_wrong(r, what) llmfi_vectors_wrong((r), "")
#endif

/* The caller's array is too small for vectors of n floats. */
static LLMFI_COLD bool llmfi_vectors_small(const llmfi_vectors *v, llmfi_reply *r, size_t n) {
    llmfi_text t;
    if (r->error.code != LLMF_OK) return false;
    llmfi_reply_fail(r, LLMF_ERR_LIMIT, "");
    t = llmfi_error_text(&r->error);
    LLMFI_SAY(&t, "llmf_input.vector_cap: room for ");
    llmfi_say_int(&t, (int64_t)llmfi_vectors_stride(v));
    LLMFI_SAY(&t, " floats a text, but the vectors of this model have ");
    llmfi_say_int(&t, (int64_t)n);
    LLMFI_SAY(&t, ": give that much for each text, or ask for fewer dimensions");
    return false;
}

/* ---- one vector ---- */

/* Room for n floats behind the `have` that our own holds already; false with the error. */
static bool llmfi_vectors_grow(llmfi_vectors *v, llmfi_reply *r, size_t have, size_t n) {
    v->own.len = have * sizeof(float);
    if (n <= (size_t)-1 / 8 / sizeof(float) && llmfi_buf_reserve(&v->own, n * sizeof(float))) return true;
    llmfi_reply_no_memory(r);
    return false;
}

/* A vector begins: where to, and how many floats fit; *cap 0 and NULL: nowhere. */
static float *llmfi_vectors_begin(llmfi_vectors *v, llmfi_reply *r, size_t *cap) {
    *cap = 0;
    if (v->filled) llmfi_vectors_wrong(r, "two vectors for one text");
    else if (v->asked && v->rows == v->asked) llmfi_vectors_wrong(r, "more vectors than texts");
    else if (!v->at && v->rows && !llmfi_vectors_grow(v, r, v->rows * v->dimensions, v->dimensions)) return NULL;
    if (r->error.code != LLMF_OK) return NULL;
    *cap = v->at || v->rows ? llmfi_vectors_stride(v) : v->own.cap / sizeof(float);
    if (!*cap && !v->at) *cap = llmfi_vectors_grow(v, r, 0, 256) ? v->own.cap / sizeof(float) : 0;
    return *cap ? llmfi_vectors_row(v, v->rows) : NULL;
}

/* There is one number more than fits. The first row of our own grows; of others the length tells how wrong they are. */
LLMFI_UNUSED static void llmfi_vectors_full(llmfi_vectors *v, llmfi_reply *r, llmfi_sieve *s) {
    if (v->at || v->rows) {
        s->to = NULL;
    } else if (llmfi_vectors_grow(v, r, s->n, s->n)) {
        s->to = (float *)(void *)v->own.ptr;
        s->cap = v->own.cap / sizeof(float);
    }
}

static void llmfi_vectors_end(llmfi_vectors *v, llmfi_reply *r, size_t n) {
    if (!n) llmfi_vectors_wrong(r, "an empty vector");
    else if (v->rows && n != v->dimensions) llmfi_vectors_wrong(r, "vectors of different lengths");
    else if (v->at && n > llmfi_vectors_stride(v)) llmfi_vectors_small(v, r, n);
    v->dimensions = n;
    v->filled = true;
}

static void llmfi_vectors_swap_bytes(float *to, size_t n) {
    static const union {
        uint32_t number;
        unsigned char first;
    } order = {1};
    unsigned char *p = (unsigned char *)(void *)to;
    size_t i;
    for (i = 0; !order.first && i < n; i++, p += 4) {
        unsigned char a = p[0], b = p[1];
        p[0] = p[3], p[1] = p[2], p[2] = b, p[3] = a;
    }
}

/* A whole vector as base64 of little-endian floats. */
LLMFI_UNUSED static void llmfi_vectors_base64(llmfi_vectors *v, llmfi_reply *r, llmf_str text) {
    size_t bytes = llmfi_base64_decoded_size(text), n = bytes / sizeof(float), cap, len;
    float *to = llmfi_vectors_begin(v, r, &cap);
    if (r->error.code != LLMF_OK) return;
    if (!v->at && !v->rows && n > cap) {
        if (!llmfi_vectors_grow(v, r, 0, n)) return;
        to = (float *)(void *)v->own.ptr;
        cap = n;
    }
    if (bytes % sizeof(float)) llmfi_vectors_wrong(r, "base64 that is no row of 32-bit floats");
    else if (n > cap || !n) llmfi_vectors_end(v, r, n);
    else if (!llmfi_base64_decode(text, to, bytes, &len)) llmfi_vectors_wrong(r, "damaged base64");
    if (r->error.code != LLMF_OK) return;
    llmfi_vectors_swap_bytes(to, n);
    llmfi_vectors_end(v, r, n);
}

/* ---- rows ---- */

/* From the first row on that does not stand where it belongs, the places of all are kept. */
static bool llmfi_vectors_place(llmfi_vectors *v, llmfi_reply *r, uint32_t place) {
    uint32_t i, count = (uint32_t)v->rows;
    if (!v->places.len && place != count) {
        for (i = 0; i < count; i++)
            if (!llmfi_buf_add(&v->places, (const char *)&i, sizeof i)) break;
    }
    if ((!v->places.len && place == count) || (v->places.len == count * sizeof place && llmfi_buf_add(&v->places, (const char *)&place, sizeof place))) return true;
    llmfi_reply_no_memory(r);
    return false;
}

/* The row is complete, with the index that came of it. */
LLMFI_UNUSED static void llmfi_vectors_next(llmfi_vectors *v, llmfi_reply *r) {
    int64_t place = v->index < 0 ? (int64_t)v->rows : v->index;
    if (!v->filled) llmfi_vectors_wrong(r, "an item without a vector");
    else if (v->rows >= UINT32_MAX - 1 || (uint64_t)place >= (v->asked ? (uint64_t)v->asked : (uint64_t)UINT32_MAX)) llmfi_vectors_wrong(r, "an index that no text has");
    else if (llmfi_vectors_place(v, r, (uint32_t)place)) v->rows++;
    v->filled = false;
    v->index = -1;
    r->content = true;
}

static void llmfi_vectors_swap(llmfi_vectors *v, size_t a, size_t b) {
    float *x = llmfi_vectors_row(v, a), *y = llmfi_vectors_row(v, b);
    size_t i;
    for (i = 0; i < v->dimensions; i++) {
        float f = x[i];
        x[i] = y[i];
        y[i] = f;
    }
}

/* Each row to its place; false: two want the same, or one wants none of them. */
static bool llmfi_vectors_sort(llmfi_vectors *v) {
    uint32_t *place = (uint32_t *)(void *)v->places.ptr;
    size_t i;
    for (i = 0; i < v->places.len / sizeof *place; i++) {
        while (place[i] != i) {
            uint32_t to = place[i];
            if (to >= v->rows || place[to] == to) return false;
            llmfi_vectors_swap(v, i, to);
            place[i] = place[to];
            place[to] = to;
        }
    }
    return true;
}

/* Rows of `dimensions` floats that stand `stride` apart, moved together. */
static void llmfi_vectors_pack(float *at, size_t rows, size_t dimensions, size_t stride) {
    size_t i;
    for (i = 1; i < rows && stride > dimensions; i++) memmove(at + i * dimensions, at + i * stride, dimensions * sizeof *at);
}

/* The reply is whole. */
LLMFI_UNUSED static void llmfi_vectors_finish(llmfi_vectors *v, llmfi_reply *r) {
    if (v->rows < v->asked || !v->rows) llmfi_vectors_wrong(r, v->rows ? LLMFI_WORDS("fewer vectors than texts") : LLMFI_WORDS("it holds none"));
    else if (!llmfi_vectors_sort(v)) llmfi_vectors_wrong(r, "an index comes twice");
    else if (v->at && !v->loose) llmfi_vectors_pack(v->at, v->rows, v->dimensions, llmfi_vectors_stride(v));
}

#endif
