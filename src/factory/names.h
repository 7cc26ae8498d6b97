/* Names that are nearly right: "did you mean". */
#ifndef LLMFI_FACTORY_NAMES_H
#define LLMFI_FACTORY_NAMES_H
#include "../base/text.h"

#define LLMFI_NAME_MAX 64                    /* longer names are not compared */
#define LLMFI_NEAREST 3                      /* names suggested at most */

#if LLMF_HAS_INFO

static unsigned llmfi_min3(unsigned a, unsigned b, unsigned c) {
    unsigned m = a < b ? a : b;
    return m < c ? m : c;
}

/* How many letters must be inserted, dropped, changed or swapped with their neighbour to make `b` of `a`, letters without case
   (optimal string alignment, Damerau-Levenshtein without a second edit of a piece); `bound` + 1 where it is more than `bound`. */
LLMFI_UNUSED static unsigned llmfi_distance(llmf_str a, llmf_str b, unsigned bound) {
    uint8_t rows[3][LLMFI_NAME_MAX + 1];
    uint8_t *before = rows[0], *last = rows[1], *now = rows[2], *swap;
    size_t i, j;
    if (a.len > LLMFI_NAME_MAX || b.len > LLMFI_NAME_MAX) return bound + 1;
    if (a.len > b.len + bound || b.len > a.len + bound) return bound + 1;
    for (j = 0; j <= b.len; j++) last[j] = (uint8_t)j;
    for (i = 1; i <= a.len; i++) {
        unsigned least;
        now[0] = (uint8_t)i;
        least = now[0];
        for (j = 1; j <= b.len; j++) {
            char ca = llmfi_lower(a.ptr[i - 1]), cb = llmfi_lower(b.ptr[j - 1]);
            unsigned cost = llmfi_min3(last[j] + 1u, now[j - 1] + 1u, last[j - 1] + (ca != cb ? 1u : 0u));
            if (i > 1 && j > 1 && ca == llmfi_lower(b.ptr[j - 2]) && cb == llmfi_lower(a.ptr[i - 2]) && before[j - 2] + 1u < cost) cost = before[j - 2] + 1u;
            now[j] = (uint8_t)cost;
            if (cost < least) least = cost;
        }
        if (least > bound) return bound + 1;
        swap = before;
        before = last;
        last = now;
        now = swap;
    }
    return last[b.len] > bound ? bound + 1 : last[b.len];
}

/* How far off a name of this length may be to be worth a question. */
LLMFI_UNUSED static unsigned llmfi_distance_bound(size_t len) {
    return len < 3 ? 1 : len < 6 ? 2 : len < 12 ? 3 : 4;
}

/* The nearest few of the names shown to it. */
typedef struct llmfi_nearest {
    llmf_str wanted, names[LLMFI_NEAREST];
    unsigned away[LLMFI_NEAREST], bound;
    int count;
} llmfi_nearest;

LLMFI_UNUSED static llmfi_nearest llmfi_nearest_to(llmf_str wanted) {
    llmfi_nearest n;
    memset(&n, 0, sizeof n);
    n.wanted = wanted;
    n.bound = llmfi_distance_bound(wanted.len);
    return n;
}

/* A name that begins with what was wanted, or has it inside, is near too, but less so than any that is one letter off. */
static unsigned llmfi_nearest_far(const llmfi_nearest *n, llmf_str name) {
    unsigned away = llmfi_distance(n->wanted, name, n->bound);
    size_t at;
    if (away <= n->bound || n->wanted.len < 4 || name.len <= n->wanted.len) return away;
    at = llmfi_find_nocase(name, n->wanted);
    return at == LLMFI_NOWHERE ? away : at == 0 ? 2u : 3u;
}

LLMFI_UNUSED static void llmfi_nearest_try(llmfi_nearest *n, llmf_str name) {
    unsigned away = llmfi_nearest_far(n, name);
    int at, i;
    if (away > n->bound) return;
    for (i = 0; i < n->count; i++)
        if (llmfi_eq(n->names[i], name)) return;
    for (at = n->count; at > 0 && n->away[at - 1] > away; at--) {}
    if (at == LLMFI_NEAREST) return;
    if (n->count < LLMFI_NEAREST) n->count++;
    for (i = n->count - 1; i > at; i--) {
        n->names[i] = n->names[i - 1];
        n->away[i] = n->away[i - 1];
    }
    n->names[at] = name;
    n->away[at] = away;
}

/* "; did you mean a, b or c?"; nothing where no name was near. */
LLMFI_UNUSED static void llmfi_nearest_say(const llmfi_nearest *n, llmfi_text *t) {
    int i;
    if (!n->count) return;
    LLMFI_SAY(t, "; did you mean ");
    for (i = 0; i < n->count; i++) {
        if (i) llmfi_say(t, i + 1 == n->count ? LLMFI_LIT(" or ") : LLMFI_LIT(", "));
        llmfi_say(t, n->names[i]);
    }
    LLMFI_SAY(t, "?");
}

#else

/* Nobody is asked what was meant. */
typedef struct llmfi_nearest {
    int count;
} llmfi_nearest;

LLMFI_UNUSED static llmfi_nearest llmfi_nearest_to(llmf_str wanted) {
    llmfi_nearest n = {0};
    (void)wanted;
    return n;
}

LLMFI_UNUSED static void llmfi_nearest_try(llmfi_nearest *n, llmf_str name) {
    (void)n, (void)name;
}

LLMFI_UNUSED static void llmfi_nearest_say(const llmfi_nearest *n, llmfi_text *t) {
    (void)n, (void)t;
}

#endif
#endif
