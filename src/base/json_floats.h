/* Arrays of numbers straight into floats: the vectors of a reply, where most bytes of it are. What is plain is read here in one pass over its bytes; whatever
   is not (the last number, one with an exponent or with more digits than 64 bits hold, one near the end of what is there) is left to llmfi_json_next. */
#ifndef LLMFI_BASE_JSON_FLOATS_H
#define LLMFI_BASE_JSON_FLOATS_H
#include "json.h"
#include "num.h"

/* The first byte from p on that is no white space, or `end`. */
static const char *llmfi_json_blanks(const char *p, const char *end) {
#if LLMFI_JSON_SSE2
    while (end - p >= 16 && (unsigned char)*p <= ' ') { /* indentation is a third of a pretty-printed vector */
        unsigned other = ~(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(const void *)p), _mm_set1_epi8(' '))) & 0xffff;
        unsigned n = other ? (unsigned)__builtin_ctz(other) : 16;
        if (!n && !llmfi_is_space(*p)) return p;
        p += n ? n : 1;
    }
#endif
    while (p < end && llmfi_is_space(*p)) p++;
    return p;
}

/* The number at p, as JSON spells it, with a comma right behind it: the end of its digits, or NULL where it is another. */
static const char *llmfi_json_plain_number(const char *p, const char *end, llmfi_decimal *d) {
    const char *digits, *point;
    d->negative = p < end && *p == '-';
    p += d->negative;
    d->w = 0;
    digits = p;
    point = p < end && *p == '0' ? p + 1 : llmfi_decimal_run(p, end, &d->w);
    p = point;
    if (p < end && *p == '.') p = llmfi_decimal_run(p + 1, end, &d->w);
    if (p == end || *p != ',' || point == digits || p == point + 1 || p - digits > (p > point ? 20 : 19)) return NULL;
    d->exp = p > point ? point + 1 - p : 0;
    return p;
}

/* The next numbers of the array that the reader stands in, each with the comma behind it, into at most `cap` floats: how many there were. 0 also where
   another token comes first. */
LLMFI_UNUSED static size_t llmfi_json_floats(llmfi_json *j, float *to, size_t cap) {
    const char *p = j->at, *next;
    llmfi_decimal d;
    size_t n = 0;
    if (!(j->want & LLMFI_JW_VALUE) || j->item != LLMFI_JW_VALUE || j->scanned) return 0;
    memset(&d, 0, sizeof d);
    while (n < cap) {
        p = llmfi_json_blanks(p, j->end);
        next = llmfi_json_plain_number(p, j->end, &d);
        if (!next || !llmfi_decimal_float(&d, &to[n])) break;
        p = next + 1;
        n++;
    }
    if (!n) return 0;
    j->at = p;
    j->want = LLMFI_JW_VALUE;
    j->token = LLMFI_J_NUMBER;
    return n;
}

#endif
