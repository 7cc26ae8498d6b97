/* A JSON body that need not fit into memory: the values at given paths, one at a time, whatever pieces it comes in. Only an unfinished token is kept. Arrays
   of numbers go straight into the caller's floats.

   A path is written as in "data[].embedding": members by their names, [] for the items of an array; "" is the value itself. Of each row `take` says what of
   the value is wanted. Everything else is passed over, and checked all the same. */
#ifndef LLMFI_WIRE_JSON_SIEVE_H
#define LLMFI_WIRE_JSON_SIEVE_H
#include "../base/json_floats.h"
#include "pull.h"

enum {
    LLMFI_TAKE_VALUE,                        /* a scalar: an item with its token; of an array or object nothing */
    LLMFI_TAKE_RAW,                          /* any member, in one piece: an item with its bytes */
    LLMFI_TAKE_FLOATS,                       /* an array of numbers: items LLMFI_SIEVE_OPEN, _FULL, _CLOSE; a scalar as LLMFI_TAKE_VALUE */
    LLMFI_TAKE_END                           /* an item where the object or array there ends */
};

/* What an item is. */
enum {
    LLMFI_SIEVE_VALUE,                       /* j.token, j.text: until the next call */
    LLMFI_SIEVE_RAW,                         /* raw, likewise */
    LLMFI_SIEVE_OPEN,                        /* an array of numbers begins: set `to` (NULL: only count) and `cap` */
    LLMFI_SIEVE_FULL,                        /* cap numbers have come, and there is one more: raise cap, or set `to` to NULL */
    LLMFI_SIEVE_CLOSE,                       /* the array has ended: it had n numbers */
    LLMFI_SIEVE_END                          /* of LLMFI_TAKE_END */
};

typedef struct llmfi_sieve_row {
    const char *path;
    uint8_t take, id;                        /* id: the caller's own */
} llmfi_sieve_row;

/* Rows that still fit, a bit each, and the length of what they have in common. */
typedef struct llmfi_sieve_place {
    uint32_t rows;
    uint32_t len;
} llmfi_sieve_place;

enum { LLMFI_SIEVE_DEPTH = 8 };              /* of the longest path */

typedef struct llmfi_sieve {
    llmfi_json j;
    llmfi_buf rest;                          /* an unfinished token */
    size_t max_rest;
    size_t used;                             /* bytes of `rest` that are read */
    size_t wait;                             /* bytes of it below which reading again is in vain */
    const llmfi_sieve_row *rows;
    llmfi_sieve_place open[LLMFI_SIEVE_DEPTH], next; /* containers that were entered; the value to come */
    uint32_t depth;
    int doing;                               /* LLMFI_SIEVE_DO_… */
    bool starved;                            /* what is there has been read, up to an unfinished token */
    bool held;                               /* `number` waits for room */
    float number;
    int error;                               /* LLMFI_WIRE_MEMORY, _LIMIT, _BAD; of _BAD j.error says more, NULL: no number where there should be one */
    /* the item */
    int item;                                /* LLMFI_SIEVE_… */
    const llmfi_sieve_row *row, *array;      /* array: of the numbers that are coming */
    llmf_str raw;
    /* the caller's */
    float *to;
    size_t cap, n;
} llmfi_sieve;

enum { LLMFI_SIEVE_DO_ENTRY, LLMFI_SIEVE_DO_VALUE, LLMFI_SIEVE_DO_ARRAY, LLMFI_SIEVE_DO_SKIP, LLMFI_SIEVE_DO_RAW, LLMFI_SIEVE_DO_FLOATS, LLMFI_SIEVE_DO_END };

/* rows: at most 32, living as long as the sieve. max_rest: bytes of one token. */
LLMFI_UNUSED static void llmfi_sieve_init(llmfi_sieve *s, llmfi_heap *heap, const llmfi_sieve_row *rows, size_t count, size_t max_rest) {
    memset(s, 0, sizeof *s);
    llmfi_json_init(&s->j, llmfi_str("", 0), false);
    llmfi_buf_init(&s->rest, heap, 0);
    s->max_rest = max_rest;
    s->rows = rows;
    s->next.rows = count < 32 ? (UINT32_C(1) << count) - 1 : UINT32_MAX;
    s->doing = LLMFI_SIEVE_DO_VALUE;
}

LLMFI_UNUSED static void llmfi_sieve_free(llmfi_sieve *s) {
    llmfi_buf_free(&s->rest);
}

/* The one value is complete. */
LLMFI_UNUSED static bool llmfi_sieve_done(const llmfi_sieve *s) {
    return llmfi_json_done(&s->j);
}

/* ---- paths ---- */

/* What a row's path has behind the place; a row that does not fit is not asked. */
static const char *llmfi_sieve_behind(const llmfi_sieve *s, const llmfi_sieve_place *at, uint32_t row) {
    return s->rows[row].path + at->len;
}

/* The row that ends at this place and takes that, or NULL. */
static const llmfi_sieve_row *llmfi_sieve_ends(const llmfi_sieve *s, const llmfi_sieve_place *at, int take) {
    uint32_t i, left = at->rows;
    for (i = 0; left; i++, left >>= 1)
        if ((left & 1) && s->rows[i].take == take && !*llmfi_sieve_behind(s, at, i)) return &s->rows[i];
    return NULL;
}

/* The rows that go on behind it with `step`, and then end or go on again. */
static llmfi_sieve_place llmfi_sieve_go(const llmfi_sieve *s, const llmfi_sieve_place *at, llmf_str step, bool member) {
    llmfi_sieve_place to;
    uint32_t i;
    bool dot = member && at->len;
    to.rows = 0;
    to.len = at->len + dot + (uint32_t)step.len;
    for (i = 0; i < 32 && at->rows >> i; i++) {
        const char *p;
        if (!(at->rows >> i & 1)) continue;
        p = llmfi_sieve_behind(s, at, i);
        if (dot && *p++ != '.') continue;
        if (llmfi_strncmp(p, step.ptr, step.len) == 0 && (!p[step.len] || p[step.len] == '.' || p[step.len] == '[')) to.rows |= UINT32_C(1) << i;
    }
    return to;
}

static llmfi_sieve_place llmfi_sieve_items(const llmfi_sieve *s, const llmfi_sieve_place *at) {
    return llmfi_sieve_go(s, at, LLMFI_LIT("[]"), false);
}

/* Some path leads into an object at this place, or wants to know its end. */
static bool llmfi_sieve_inside(const llmfi_sieve *s, const llmfi_sieve_place *at) {
    uint32_t i;
    for (i = 0; i < 32 && at->rows >> i; i++) {
        char c;
        if (!(at->rows >> i & 1)) continue;
        c = *llmfi_sieve_behind(s, at, i);
        if (c == '.' || (!at->len && c && c != '[') || (!c && s->rows[i].take == LLMFI_TAKE_END)) return true;
    }
    return false;
}

/* The place of the member whose key the reader stands at. A key longer than any path is nobody's. */
static llmfi_sieve_place llmfi_sieve_member(const llmfi_sieve *s) {
    llmfi_sieve_place none;
    char name[96];
    llmf_str key = s->j.text;
    none.rows = 0;
    none.len = 0;
    if (key.len * 3 > sizeof name || llmfi_memchr(key.ptr, '.', key.len) || llmfi_memchr(key.ptr, '[', key.len)) return none;
    if (!llmfi_json_plain(&s->j)) key = llmfi_str(name, llmfi_json_decode(name, key));
    return key.len ? llmfi_sieve_go(s, &s->open[s->depth - 1], key, true) : none;
}

/* ---- one step: LLMFI_SIEVE_ON where nothing has come of it yet ---- */

enum { LLMFI_SIEVE_ON = 2 };

static int llmfi_sieve_give(llmfi_sieve *s, int item, const llmfi_sieve_row *row) {
    s->item = item;
    s->row = row;
    return row ? LLMFI_WIRE_ITEM : (int)LLMFI_SIEVE_ON;
}

static LLMFI_COLD int llmfi_sieve_fail(llmfi_sieve *s, int error) {
    s->error = error;
    return LLMFI_WIRE_ERROR;
}

/* What is no token: not yet, or never. */
static int llmfi_sieve_stop(llmfi_sieve *s, int token) {
    return token == LLMFI_J_MORE ? (int)LLMFI_WIRE_MORE : llmfi_sieve_fail(s, LLMFI_WIRE_BAD);
}

/* A value is over. */
static void llmfi_sieve_after(llmfi_sieve *s) {
    s->doing = s->depth ? LLMFI_SIEVE_DO_ENTRY : LLMFI_SIEVE_DO_END;
}

static int llmfi_sieve_enter(llmfi_sieve *s) {
    s->open[s->depth++] = s->next;
    s->doing = LLMFI_SIEVE_DO_ENTRY;
    return LLMFI_SIEVE_ON;
}

static int llmfi_sieve_leave(llmfi_sieve *s) {
    const llmfi_sieve_place *left = &s->open[--s->depth];
    llmfi_sieve_after(s);
    return llmfi_sieve_give(s, LLMFI_SIEVE_END, llmfi_sieve_ends(s, left, LLMFI_TAKE_END));
}

static int llmfi_sieve_skip(llmfi_sieve *s) {
    int token = llmfi_json_skip(&s->j);
    if (token <= 0) return llmfi_sieve_stop(s, token);
    llmfi_sieve_after(s);
    return LLMFI_SIEVE_ON;
}

/* The next member of an object, or the next item of an array: the value itself comes with the step behind. */
static int llmfi_sieve_entry(llmfi_sieve *s) {
    int token;
    if (s->j.item != LLMFI_JW_KEY) {
        s->next = llmfi_sieve_items(s, &s->open[s->depth - 1]);
        s->doing = LLMFI_SIEVE_DO_VALUE;
        return LLMFI_SIEVE_ON;
    }
    token = llmfi_json_next(&s->j);
    if (token == LLMFI_J_OBJECT_END) return llmfi_sieve_leave(s);
    if (token != LLMFI_J_KEY) return llmfi_sieve_stop(s, token);
    s->next = llmfi_sieve_member(s);
    s->doing = !s->next.rows ? LLMFI_SIEVE_DO_SKIP : llmfi_sieve_ends(s, &s->next, LLMFI_TAKE_RAW) ? LLMFI_SIEVE_DO_RAW : LLMFI_SIEVE_DO_VALUE;
    return LLMFI_SIEVE_ON;
}

static int llmfi_sieve_value(llmfi_sieve *s) {
    const llmfi_sieve_row *row;
    int token = llmfi_json_next(&s->j);
    if (token <= 0) return llmfi_sieve_stop(s, token);
    switch (token) {
    case LLMFI_J_ARRAY_END: return llmfi_sieve_leave(s);
    case LLMFI_J_ARRAY: s->doing = LLMFI_SIEVE_DO_ARRAY; return LLMFI_SIEVE_ON;
    case LLMFI_J_OBJECT:
        if (s->depth < LLMFI_SIEVE_DEPTH && llmfi_sieve_inside(s, &s->next)) return llmfi_sieve_enter(s);
        s->doing = LLMFI_SIEVE_DO_SKIP;
        return LLMFI_SIEVE_ON;
    default: break;
    }
    llmfi_sieve_after(s);
    row = llmfi_sieve_ends(s, &s->next, LLMFI_TAKE_VALUE);
    return llmfi_sieve_give(s, LLMFI_SIEVE_VALUE, row ? row : llmfi_sieve_ends(s, &s->next, LLMFI_TAKE_FLOATS));
}

/* An array that has just been opened. Where its numbers as well as its items are wanted, the first of them decides; that may not be there yet. */
static int llmfi_sieve_array(llmfi_sieve *s) {
    const llmfi_sieve_row *floats = llmfi_sieve_ends(s, &s->next, LLMFI_TAKE_FLOATS);
    bool items = llmfi_sieve_items(s, &s->next).rows != 0;
    if (floats && items) {
        llmfi_json ahead = s->j;
        int token = llmfi_json_next(&ahead);
        if (token <= 0) return llmfi_sieve_stop(s, token);
        if (token != LLMFI_J_NUMBER) floats = NULL;
    }
    if (floats) {
        s->doing = LLMFI_SIEVE_DO_FLOATS;
        s->to = NULL;
        s->n = s->cap = 0;
        s->array = floats;
        return llmfi_sieve_give(s, LLMFI_SIEVE_OPEN, floats);
    }
    if (s->depth < LLMFI_SIEVE_DEPTH && (items || llmfi_sieve_ends(s, &s->next, LLMFI_TAKE_END))) return llmfi_sieve_enter(s);
    s->doing = LLMFI_SIEVE_DO_SKIP;
    return LLMFI_SIEVE_ON;
}

/* Its bytes must come to stand in one piece: looked at again only when there are twice as many. */
static int llmfi_sieve_raw(llmfi_sieve *s) {
    int token = llmfi_json_raw(&s->j, &s->raw);
    if (token == LLMFI_J_MORE) s->wait = 2 * (size_t)(s->j.end - s->j.at);
    if (token <= 0) return llmfi_sieve_stop(s, token);
    llmfi_sieve_after(s);
    return llmfi_sieve_give(s, LLMFI_SIEVE_RAW, llmfi_sieve_ends(s, &s->next, LLMFI_TAKE_RAW));
}

/* One number: into its place, or held until there is room for it. */
static int llmfi_sieve_number(llmfi_sieve *s) {
    s->held = s->to && s->n == s->cap;
    if (s->held) return llmfi_sieve_give(s, LLMFI_SIEVE_FULL, s->array);
    if (s->to) s->to[s->n] = s->number;
    s->n++;
    return LLMFI_SIEVE_ON;
}

static int llmfi_sieve_floats(llmfi_sieve *s) {
    int token;
    if (s->held) return llmfi_sieve_number(s);
    if (s->to) s->n += llmfi_json_floats(&s->j, s->to + s->n, s->cap - s->n);
    token = llmfi_json_next(&s->j);
    if (token == LLMFI_J_NUMBER) return llmfi_parse_float(s->j.text, &s->number) ? llmfi_sieve_number(s) : llmfi_sieve_fail(s, LLMFI_WIRE_BAD);
    if (token <= 0) return llmfi_sieve_stop(s, token);
    if (token != LLMFI_J_ARRAY_END) return llmfi_sieve_fail(s, LLMFI_WIRE_BAD);
    llmfi_sieve_after(s);
    return llmfi_sieve_give(s, LLMFI_SIEVE_CLOSE, s->array);
}

/* Behind the value: nothing but white space. */
static int llmfi_sieve_tail(llmfi_sieve *s) {
    int token = llmfi_json_next(&s->j);
    return token == LLMFI_J_END ? (int)LLMFI_WIRE_MORE : llmfi_sieve_stop(s, token);
}

static int llmfi_sieve_step(llmfi_sieve *s) {
    switch (s->doing) {
    case LLMFI_SIEVE_DO_ENTRY: return llmfi_sieve_entry(s);
    case LLMFI_SIEVE_DO_VALUE: return llmfi_sieve_value(s);
    case LLMFI_SIEVE_DO_ARRAY: return llmfi_sieve_array(s);
    case LLMFI_SIEVE_DO_SKIP: return llmfi_sieve_skip(s);
    case LLMFI_SIEVE_DO_RAW: return llmfi_sieve_raw(s);
    case LLMFI_SIEVE_DO_FLOATS: return llmfi_sieve_floats(s);
    default: return llmfi_sieve_tail(s);
    }
}

static int llmfi_sieve_run(llmfi_sieve *s) {
    int rc;
    do rc = llmfi_sieve_step(s);
    while (rc == LLMFI_SIEVE_ON);
    s->starved = rc == LLMFI_WIRE_MORE;
    return rc;
}

/* ---- pieces ---- */

/* Reads from `rest`, to which as much of *in is added as the token needs, or up to twice that. What of it lies behind the token goes back. */
static int llmfi_sieve_from_rest(llmfi_sieve *s, llmf_str *in, bool last) {
    size_t added = 0, left;
    int rc;
    llmfi_buf_drop(&s->rest, s->used);
    s->used = 0;
    if (s->starved) {
        added = s->rest.len < 64 ? 64 : s->rest.len;
        if (added > in->len) added = in->len;
        s->error = llmfi_wire_keep(&s->rest, llmfi_str(in->ptr, added), s->max_rest);
        if (s->error) return LLMFI_WIRE_ERROR;
        llmfi_wire_take(in, added);
        if (s->rest.len < s->wait && !last) return LLMFI_WIRE_MORE;
    }
    s->wait = 0;
    llmfi_json_feed(&s->j, llmfi_buf_str(&s->rest), last && !in->len);
    rc = llmfi_sieve_run(s);
    left = (size_t)(s->j.end - s->j.at);
    s->used = s->rest.len - left;
    if (left > added) return rc;
    in->ptr -= left; /* what was added in this call is still there */
    in->len += left;
    s->used = s->rest.len;
    return rc;
}

static int llmfi_sieve_from_input(llmfi_sieve *s, llmf_str *in, bool last) {
    int rc;
    llmfi_json_feed(&s->j, *in, last);
    rc = llmfi_sieve_run(s);
    *in = llmfi_range(s->j.at, s->j.end);
    if (rc != LLMFI_WIRE_MORE) return rc;
    s->error = llmfi_wire_keep(&s->rest, *in, s->max_rest);
    *in = llmfi_from(*in, in->len);
    return s->error ? (int)LLMFI_WIRE_ERROR : rc;
}

/* LLMFI_WIRE_ITEM: item and row are set; _MORE: *in is empty; _ERROR. last: no bytes follow these; then MORE means that the value is whole. */
LLMFI_UNUSED static int llmfi_sieve_next(llmfi_sieve *s, llmf_str *in, bool last) {
    int rc;
    if (s->error) return LLMFI_WIRE_ERROR;
    do {
        if (s->used && s->used == s->rest.len) {
            llmfi_wire_drop(&s->rest);
            s->used = 0;
        }
        rc = s->rest.len ? llmfi_sieve_from_rest(s, in, last) : llmfi_sieve_from_input(s, in, last);
    } while (rc == LLMFI_WIRE_MORE && in->len);
    return rc;
}

#endif
