/* The first half of byte pair encoding as OpenAI does it: a text in pieces, as the patterns of cl100k_base and o200k_base cut it (openai/tiktoken, openai_public.py).
   Written by hand, one scan and a look back, where a regular expression would go back and forth. What is no UTF-8 counts as a character that is no letter. */
#ifndef LLMFI_BASE_BPE_SPLIT_H
#define LLMFI_BASE_BPE_SPLIT_H
#include "unicode_classes.h"
#include "utf8.h"

#if LLMF_HAS_TOKENS

/* Numbers stand in images (bpe.h): never reused. */
enum { LLMFI_CL100K = 1, LLMFI_O200K = 2 };

/* Sets of classes. */
enum {
    LLMFI_US_OTHER = 1 << LLMFI_UC_OTHER, LLMFI_US_UPPER = 1 << LLMFI_UC_UPPER, LLMFI_US_LOWER = 1 << LLMFI_UC_LOWER, LLMFI_US_LETTER = 1 << LLMFI_UC_LETTER,
    LLMFI_US_MARK = 1 << LLMFI_UC_MARK, LLMFI_US_NUMBER = 1 << LLMFI_UC_NUMBER, LLMFI_US_SPACE = 1 << LLMFI_UC_SPACE,
    LLMFI_US_L = LLMFI_US_UPPER | LLMFI_US_LOWER | LLMFI_US_LETTER,       /* \p{L} */
    LLMFI_US_BOTH = LLMFI_US_LETTER | LLMFI_US_MARK,                      /* what o200k_base has in both of its halves of a word */
    LLMFI_US_SIGN = LLMFI_US_OTHER | LLMFI_US_MARK                        /* [^\s\p{L}\p{N}] */
};

/* The range that was looked at last: a text stays in one script. Zero is the initial state. */
typedef struct llmfi_splitter {
    uint32_t from, end;
    uint8_t what;
} llmfi_splitter;

/* One character. */
typedef struct llmfi_char {
    unsigned set;                            /* its class as a set of one; 0: the end of the text */
    const char *next;
} llmfi_char;

static LLMFI_COLD void llmfi_split_find(llmfi_splitter *s, uint32_t cp) {
    size_t low = 0, high = LLMFI_COUNT(llmfi_unicode_ranges);
    while (high - low > 1) {
        size_t mid = low + (high - low) / 2;
        if (llmfi_unicode_ranges[mid] >> 3 <= cp) low = mid;
        else high = mid;
    }
    s->from = llmfi_unicode_ranges[low] >> 3;
    s->end = low + 1 < LLMFI_COUNT(llmfi_unicode_ranges) ? llmfi_unicode_ranges[low + 1] >> 3 : 0x110000;
    s->what = (uint8_t)(llmfi_unicode_ranges[low] & 7);
}

/* Of a character above U+007F. */
static unsigned llmfi_split_class(llmfi_splitter *s, uint32_t cp) {
    if (cp - s->from >= s->end - s->from) llmfi_split_find(s, cp);
    return s->what != LLMFI_UC_ALTERNATE ? 1u << s->what : (cp - s->from) & 1 ? (unsigned)LLMFI_US_LOWER : (unsigned)LLMFI_US_UPPER;
}

static LLMFI_COLD llmfi_char llmfi_split_wide(llmfi_splitter *s, const char *p, const char *end) {
    llmfi_char c;
    uint32_t cp;
    int n = llmfi_utf8_next(p, end, &cp);
    c.set = n > 0 ? llmfi_split_class(s, cp) : (unsigned)LLMFI_US_OTHER;
    c.next = n > 0 ? p + n : n < 0 ? p - n : end;
    return c;
}

static LLMFI_FAST llmfi_char llmfi_split_at(llmfi_splitter *s, const char *p, const char *end) {
    llmfi_char c;
    if (p < end && (unsigned char)*p >= 0x80) return llmfi_split_wide(s, p, end);
    c.set = p < end ? 1u << llmfi_ascii_classes[(unsigned char)*p] : 0u;
    c.next = p + 1;
    return c;
}

/* The end of the characters of that set. */
static const char *llmfi_split_run(llmfi_splitter *s, const char *p, const char *end, unsigned set) {
    for (;;) {
        llmfi_char c;
        while (p < end && (unsigned char)*p < 0x80 && (set >> llmfi_ascii_classes[(unsigned char)*p] & 1)) p++;
        if (p == end || (unsigned char)*p < 0x80) return p;
        c = llmfi_split_wide(s, p, end);
        if (!(c.set & set)) return p;
        p = c.next;
    }
}

/* (?i:'s|'t|'re|'ve|'m|'ll|'d): its end, or p. Without case, the long s (U+017F) is an s too. */
static const char *llmfi_split_short_form(const char *p, const char *end) {
    char a, b;
    if (end - p < 2 || *p != '\'') return p;
    a = llmfi_lower(p[1]);
    b = end - p > 2 ? llmfi_lower(p[2]) : '\0';
    if (a == 's' || a == 't' || a == 'm' || a == 'd') return p + 2;
    if ((a == 'r' && b == 'e') || (a == 'v' && b == 'e') || (a == 'l' && b == 'l')) return p + 3;
    return (unsigned char)p[1] == 0xc5 && end - p > 2 && (unsigned char)p[2] == 0xbf ? p + 3 : p;
}

/* \p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+ of what begins with c. o200k_base has a slash among the line ends. */
static const char *llmfi_split_rest(llmfi_splitter *s, const char *p, const char *end, llmfi_char c, bool slash) {
    const char *begin = p, *lines = NULL, *last = p;
    llmfi_char next = llmfi_split_at(s, c.next, end);
    int i;
    if (c.set & LLMFI_US_NUMBER) {
        for (i = 1; i < 3 && (next.set & LLMFI_US_NUMBER); i++) {
            c = next;
            next = llmfi_split_at(s, c.next, end);
        }
        return c.next;
    }
    if ((c.set & LLMFI_US_SIGN) || (*p == ' ' && (next.set & LLMFI_US_SIGN))) {
        p = llmfi_split_run(s, c.next, end, LLMFI_US_SIGN);
        while (p < end && (*p == '\r' || *p == '\n' || (slash && *p == '/'))) p++;
        return p;
    }
    for (; c.set & LLMFI_US_SPACE; c = llmfi_split_at(s, p, end)) {
        if (*p == '\r' || *p == '\n') lines = c.next;
        last = p;
        p = c.next;
    }
    if (lines) return lines;
    return p == end || last == begin ? p : last; /* the last one goes with what follows */
}

static const char *llmfi_split_cl100k(llmfi_splitter *s, const char *p, const char *end) {
    llmfi_char c = llmfi_split_at(s, p, end), next;
    const char *q = *p == '\'' ? llmfi_split_short_form(p, end) : p;
    if (q > p) return q;
    if (c.set & LLMFI_US_L) return llmfi_split_run(s, c.next, end, LLMFI_US_L);
    if (!(c.set & LLMFI_US_NUMBER) && *p != '\r' && *p != '\n') {
        next = llmfi_split_at(s, c.next, end);
        if (next.set & LLMFI_US_L) return llmfi_split_run(s, next.next, end, LLMFI_US_L);
    }
    return llmfi_split_rest(s, p, end, c, false);
}

/* A word of o200k_base: upper letters, then lower ones, at least one of these; or (uppers) no lower one at all. NULL: none begins at p. */
static const char *llmfi_split_word(llmfi_splitter *s, const char *p, const char *end, bool uppers) {
    const char *at = p, *both = NULL;
    llmfi_char c;
    for (;;) {
        while (at < end && *at >= 'A' && *at <= 'Z') at++;
        c = llmfi_split_at(s, at, end);
        if (!(c.set & (LLMFI_US_UPPER | LLMFI_US_BOTH))) break;
        at = c.next;
        if (c.set & LLMFI_US_BOTH) both = at;
    }
    if (c.set & LLMFI_US_LOWER) at = llmfi_split_run(s, c.next, end, LLMFI_US_LOWER | LLMFI_US_BOTH);
    else if (both) at = both; /* the last one that may stand in the second half; upper letters behind it are a word of their own */
    else if (at == p || !uppers) return NULL;
    return llmfi_split_short_form(at, end);
}

static const char *llmfi_split_o200k(llmfi_splitter *s, const char *p, const char *end) {
    llmfi_char c = llmfi_split_at(s, p, end);
    const char *q = NULL;
    if (c.set & LLMFI_US_L) return llmfi_split_word(s, p, end, true);
    if (!(c.set & LLMFI_US_NUMBER) && *p != '\r' && *p != '\n') q = llmfi_split_word(s, c.next, end, !(c.set & LLMFI_US_MARK));
    if (!q && (c.set & LLMFI_US_MARK)) q = llmfi_split_word(s, p, end, true);
    return q ? q : llmfi_split_rest(s, p, end, c, true);
}

/* The end of the piece at p, which is before `end`. */
static const char *llmfi_split(llmfi_splitter *s, int encoding, const char *p, const char *end) {
    return encoding == LLMFI_CL100K ? llmfi_split_cl100k(s, p, end) : llmfi_split_o200k(s, p, end);
}

#endif
#endif
