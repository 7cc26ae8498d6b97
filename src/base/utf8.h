/* UTF-8: strict checking, and the lossy reading that replies get: each maximal bad piece (Unicode 15, chapter 3, "maximal
   subpart of an ill-formed subsequence") becomes one U+FFFD. Works on pieces cut anywhere. */
#ifndef LLMFI_BASE_UTF8_H
#define LLMFI_BASE_UTF8_H
#include "out.h"

#define LLMFI_ASCII_MASK (UINT64_C(0x8080808080808080))

/* Eight bytes as a number, in the machine's own order: only for questions that are the same for each byte. */
LLMFI_UNUSED static uint64_t llmfi_load8(const char *p) {
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* The first byte that is not ASCII, or `end`. */
LLMFI_UNUSED static const char *llmfi_skip_ascii(const char *p, const char *end) {
#if !LLMFI_SMALL
    const char *begin = p;
    while (end - p >= 8 && !(llmfi_load8(p) & LLMFI_ASCII_MASK)) p += 8;
    if (end - p < 8 && end - begin >= 8 && !(llmfi_load8(end - 8) & LLMFI_ASCII_MASK)) return end;
#endif
    while (p < end && !(*p & 0x80)) p++;
    return p;
}

/* What may follow a lead byte: how many bytes there are in all (0: it is no lead byte), and the range of the second. */
static int llmfi_utf8_lead(unsigned char c, unsigned char *low, unsigned char *high) {
    *low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
    *high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
    if (c < 0x80) return 1;
    if (c < 0xc2 || c > 0xf4) return 0;
    return c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

/* Reads one character at `p` (p < end): its length, 1 to 4, and *cp. Negative: minus the length of the bad piece there.
   0: what is there is the beginning of a character and `end` cuts it (with nothing to come, all of it is one bad piece). */
LLMFI_UNUSED static int llmfi_utf8_next(const char *p, const char *end, uint32_t *cp) {
    unsigned char low, high, c = (unsigned char)*p;
    int need = llmfi_utf8_lead(c, &low, &high), i;
    uint32_t value = need == 1 ? c : c & (0x7fu >> need);
    *cp = 0xfffd;
    if (need == 0) return -1;
    for (i = 1; i < need; i++) {
        if (p + i == end) return 0;
        c = (unsigned char)p[i];
        if (c < low || c > high) return -i;
        value = value << 6 | (c & 0x3fu);
        low = 0x80;
        high = 0xbf;
    }
    *cp = value;
    return need;
}

/* The end of the valid text that begins at `p`; *bad: length of the bad piece there, 0 at the end or before a cut character. */
static const char *llmfi_utf8_run(const char *p, const char *end, int *bad) {
    uint32_t cp;
    *bad = 0;
    while ((p = llmfi_skip_ascii(p, end)) < end) {
        int n = llmfi_utf8_next(p, end, &cp);
        if (n <= 0) {
            *bad = -n;
            break;
        }
        p += n;
    }
    return p;
}

/* Strict. *bad_offset (may be NULL): the first byte of the first bad piece. */
LLMFI_UNUSED static bool llmfi_utf8_valid(llmf_str s, size_t *bad_offset) {
    int bad;
    const char *end = s.ptr + s.len, *stop = llmfi_utf8_run(s.ptr, end, &bad);
    if (stop == end) return true;
    if (bad_offset) *bad_offset = (size_t)(stop - s.ptr);
    return false;
}

/* Writes the character; a surrogate or a number above U+10FFFF is written as U+FFFD. Returns its length. */
LLMFI_UNUSED static size_t llmfi_utf8_encode(char out[4], uint32_t cp) {
    size_t len, i;
    if (cp < 0x80) {
        out[0] = (char)cp;
        return 1;
    }
    if (cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff)) cp = 0xfffd;
    len = cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
    for (i = len - 1; i; i--, cp >>= 6) out[i] = (char)(0x80 | (cp & 0x3f));
    out[0] = (char)(0xf00u >> len | cp); /* 110, 1110 or 11110 in front */
    return len;
}

/* The longest prefix of at most `max` bytes that does not split a character. */
LLMFI_UNUSED static llmf_str llmfi_utf8_cut(llmf_str s, size_t max) {
    size_t at = max, back;
    if (s.len <= max) return s;
    for (back = 0; back < 3 && at && ((unsigned char)s.ptr[at] & 0xc0) == 0x80; back++) at--;
    if (at < max) {
        uint32_t cp;
        int n = llmfi_utf8_next(s.ptr + at, s.ptr + s.len, &cp);
        if (n <= 0 || at + (size_t)n <= max) at = max; /* those bytes are no part of a character that reaches over the edge */
    }
    return llmfi_str(s.ptr, at);
}

#define LLMFI_UTF8_BAD "\xef\xbf\xbd" /* U+FFFD */

/* ---- cleaning: whole, or in pieces ---- */

/* Up to three bytes that begin a character whose end is still to come. Zero is the initial state. */
typedef struct llmfi_utf8 {
    char pending[4];
    uint8_t count;
} llmfi_utf8;

/* Completes the pending character from `p` as far as it goes; returns what is left of the piece. */
static const char *llmfi_utf8_join(llmfi_utf8 *u, const char *p, const char *end, llmfi_out *o) {
    uint32_t cp;
    while (u->count && p < end) {
        int n;
        u->pending[u->count] = *p;
        n = llmfi_utf8_next(u->pending, u->pending + u->count + 1, &cp);
        if (n < 0) { /* the new byte does not belong to it: it is looked at again by itself */
            LLMFI_PUT(o, LLMFI_UTF8_BAD);
            u->count = 0;
            break;
        }
        p++;
        u->count++;
        if (n > 0) {
            llmfi_put(o, u->pending, u->count);
            u->count = 0;
        }
    }
    return p;
}

/* Writes the piece, cleaned. A character cut at its end waits for the next piece. */
LLMFI_UNUSED static void llmfi_utf8_feed(llmfi_utf8 *u, llmf_str piece, llmfi_out *o) {
    const char *p = piece.ptr, *end = piece.ptr + piece.len;
    if (u->count) p = llmfi_utf8_join(u, p, end, o);
    while (p < end) {
        int bad;
        const char *stop = llmfi_utf8_run(p, end, &bad);
        llmfi_put(o, p, (size_t)(stop - p));
        p = stop + bad;
        if (bad) {
            LLMFI_PUT(o, LLMFI_UTF8_BAD);
        } else if (p < end) {
            u->count = (uint8_t)(end - p);
            memcpy(u->pending, p, u->count);
            p = end;
        }
    }
}

/* No piece follows: what was pending is one bad piece. */
LLMFI_UNUSED static LLMFI_SHORT void llmfi_utf8_end(llmfi_utf8 *u, llmfi_out *o) {
    if (u->count) LLMFI_PUT(o, LLMFI_UTF8_BAD);
    u->count = 0;
}

/* Copies `in` cleaned; `to` has room for 3 * in.len bytes (in.len if it is known to be valid). Returns the bytes written. */
LLMFI_UNUSED static size_t llmfi_utf8_clean(char *to, llmf_str in) {
    const char *p = in.ptr, *end = in.ptr + in.len;
    char *begin = to;
    while (p < end) {
        int bad;
        const char *stop = llmfi_utf8_run(p, end, &bad);
        if (stop > p) memcpy(to, p, (size_t)(stop - p));
        to += stop - p;
        p = stop + bad;
        if (!bad && p == end) break;
        memcpy(to, LLMFI_UTF8_BAD, 3);
        to += 3;
        if (!bad) p = end;
    }
    return (size_t)(to - begin);
}

#endif
