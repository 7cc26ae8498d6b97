/* Arrays of numbers straight into floats: the vectors of a reply, where most bytes of it are. What is plain is read here in one pass over its bytes; whatever
   is not (the last number, one with an exponent or with more digits than 64 bits hold, one near the end of what is there) is left to llmfi_json_next. */
#ifndef LLMFI_BASE_JSON_FLOATS_H
#define LLMFI_BASE_JSON_FLOATS_H
#include "json.h"
#include "num.h"

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

/* Where sixteen bytes can be looked at together, and 128 bits shifted: numbers of the form 0.123 or -0.123, which is what vectors are made of, without a branch
   that depends on how many digits there are. */
#if LLMFI_JSON_SSE2 && defined(__SIZEOF_INT128__) && LLMFI_EXACT_DOUBLES
#define LLMFI_JSON_FRACTIONS 1

enum { LLMFI_FRACTION_BYTES = 48 };          /* that are looked at: white space, sign, 0. and digits */

/* Digits in the order of the bytes, the first in the lowest, zero where there is none: their number. */
static uint64_t llmfi_digits_value(uint64_t v) {
    v = v * 10 + (v >> 8);
    return ((v & UINT64_C(0xff000000ff)) * UINT64_C(0xf424000000064) + ((v >> 16) & UINT64_C(0xff000000ff)) * UINT64_C(0x271000000001)) >> 32;
}

/* A bit for each of the 32 bytes at p that compare equal to c. */
static uint32_t llmfi_bytes_equal(__m128i low, __m128i high, char c) {
    __m128i v = _mm_set1_epi8(c);
    return (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(low, v)) | (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(high, v)) << 16;
}

/* A bit for each of them from '0' to '9'. */
static uint32_t llmfi_bytes_digits(__m128i low, __m128i high) {
    const __m128i zero = _mm_set1_epi8('0'), nine = _mm_set1_epi8(9);
    low = _mm_sub_epi8(low, zero);
    high = _mm_sub_epi8(high, zero);
    return (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(low, nine), low)) | (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(high, nine), high)) << 16;
}

/* 0.ddd with so many digits from p on, as a double that two roundings have made: right to 2 units of its last place. */
static double llmfi_fraction_value(const char *p, unsigned digits) {
    __extension__ typedef unsigned __int128 wide;
    static const double tenths[16] = {1e0, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 1e-11, 1e-12, 1e-13, 1e-14, 1e-15};
    uint64_t half[2];
    wide all;
    _mm_storeu_si128((__m128i *)(void *)half, _mm_sub_epi8(_mm_loadu_si128((const __m128i *)(const void *)p), _mm_set1_epi8('0')));
    all = ((wide)half[1] << 64 | half[0]) << (128 - 8 * digits); /* the last digit in the highest byte, zeros before the first */
    return (double)(int64_t)(llmfi_digits_value((uint64_t)all) * 100000000 + llmfi_digits_value((uint64_t)(all >> 64))) * tenths[digits];
}

/* White space and such a number with a comma behind it, from LLMFI_FRACTION_BYTES bytes on: what is behind the comma, or NULL where it is another. Where the
   next one begins hangs on the comma alone, so that the machine can go on with it meanwhile. */
static const char *llmfi_json_fraction(const char *p, float *to) {
    __m128i low = _mm_loadu_si128((const __m128i *)(const void *)p), high = _mm_loadu_si128((const __m128i *)(const void *)(p + 16));
    uint32_t comma = llmfi_bytes_equal(low, high, ','), narrow;
    uint32_t blank = llmfi_bytes_equal(low, high, ' ') | llmfi_bytes_equal(low, high, '\n') | llmfi_bytes_equal(low, high, '\r');
    unsigned end, begin, minus, digits;
    uint64_t bits;
    double value;
    float single;
    if (!comma || !~blank) return NULL;
    end = (unsigned)__builtin_ctz(comma);
    begin = (unsigned)__builtin_ctz(~blank);
    minus = p[begin] == '-';
    begin += minus + 2;
    digits = end - begin;
    if (digits - 1 > 14 || p[begin - 2] != '0' || p[begin - 1] != '.') return NULL;
    if (((llmfi_bytes_digits(low, high) >> begin) & ((UINT32_C(1) << digits) - 1)) != (UINT32_C(1) << digits) - 1) return NULL;
    value = llmfi_fraction_value(p + begin, digits);
    memcpy(&bits, &value, sizeof bits);
    if ((bits & 0x1fffffff) - 0xffffffc <= 8) return NULL; /* near the middle between two floats */
    single = (float)value;
    memcpy(&narrow, &single, sizeof narrow);
    narrow |= (uint32_t)minus << 31;
    memcpy(to, &narrow, sizeof narrow);
    return p + end + 1;
}
#else
#define LLMFI_JSON_FRACTIONS 0
#endif

/* The next numbers of the array that the reader stands in, each with the comma behind it, into at most `cap` floats: how many there were. 0 also where
   another token comes first. */
LLMFI_UNUSED static size_t llmfi_json_floats(llmfi_json *j, float *to, size_t cap) {
    const char *p = j->at, *next;
    llmfi_decimal d;
    size_t n = 0;
    if (!(j->want & LLMFI_JW_VALUE) || j->item != LLMFI_JW_VALUE || j->scanned) return 0;
    memset(&d, 0, sizeof d);
    while (n < cap) {
#if LLMFI_JSON_FRACTIONS
        while (n < cap && j->end - p >= LLMFI_FRACTION_BYTES && (next = llmfi_json_fraction(p, &to[n])) != NULL) {
            p = next;
            n++;
        }
        if (n == cap) break;
#endif
        while (p < j->end && llmfi_is_space(*p)) p++;
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
