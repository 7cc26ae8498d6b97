/* Base64 (RFC 4648): strict decoding of both alphabets, encoding of whole blocks. What streams an encoding out is
   llmfi_put_base64 in out.h. */
#ifndef LLMFI_BASE_BASE64_H
#define LLMFI_BASE_BASE64_H
#include "str.h"

/* Sixteen characters at once where every machine of the target can (by a header that includes <stdlib.h>); LLMF_NO_SIMD=1 leaves it out. */
#if defined(__GNUC__) && defined(__SSE2__) && defined(__x86_64__) && LLMF_HAS_STDLIB && !LLMFI_SMALL && !(defined(LLMF_NO_SIMD) && LLMF_NO_SIMD)
#define LLMFI_BASE64_SSE2 1
#include <emmintrin.h>
#else
#define LLMFI_BASE64_SSE2 0
#endif

/* Characters that `len` bytes become, padding included; 0 also when the answer does not fit a size_t. */
LLMFI_UNUSED static size_t llmfi_base64_size(size_t len) {
    size_t groups = len / 3 + (len % 3 != 0);
    return groups > (size_t)-1 / 4 ? 0 : groups * 4;
}

/* Encodes `len` bytes with padding (standard alphabet); `to` has room for llmfi_base64_size(len). */
LLMFI_UNUSED static size_t llmfi_base64_encode(char *to, const void *data, size_t len) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *p = (const unsigned char *)data;
    char *begin = to;
    for (; len >= 3; len -= 3, p += 3, to += 4) {
        to[0] = digits[p[0] >> 2];
        to[1] = digits[(p[0] & 3) << 4 | p[1] >> 4];
        to[2] = digits[(p[1] & 15) << 2 | p[2] >> 6];
        to[3] = digits[p[2] & 63];
    }
    if (len) {
        unsigned second = len == 2 ? p[1] : 0;
        to[0] = digits[p[0] >> 2];
        to[1] = digits[(p[0] & 3u) << 4 | second >> 4];
        to[2] = len == 2 ? digits[(second & 15) << 2] : '=';
        to[3] = '=';
        to += 4;
    }
    return (size_t)(to - begin);
}

/* What a character stands for, or 255. '-' and '_' are the URL alphabet's 62 and 63. */
static const unsigned char llmfi_base64_value[256] = {
#define LLMFI_X8 255, 255, 255, 255, 255, 255, 255, 255
    LLMFI_X8, LLMFI_X8, LLMFI_X8, LLMFI_X8, LLMFI_X8,
    255, 255, 255, 62, 255, 62, 255, 63, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 255, 255, 255, 255, 255, 255,
    255, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 255, 255, 255, 255, 63,
    255, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 255, 255, 255, 255, 255,
    LLMFI_X8, LLMFI_X8, LLMFI_X8, LLMFI_X8, LLMFI_X8, LLMFI_X8, LLMFI_X8, LLMFI_X8,
    LLMFI_X8, LLMFI_X8, LLMFI_X8, LLMFI_X8, LLMFI_X8, LLMFI_X8, LLMFI_X8, LLMFI_X8
#undef LLMFI_X8
};

/* The last two or three characters, without padding. Bits that stand for no byte must be zero. */
static bool llmfi_base64_tail(const unsigned char *p, size_t n, unsigned char *to) {
    const unsigned char *t = llmfi_base64_value;
    unsigned a = t[p[0]], b = t[p[1]], c = n == 3 ? t[p[2]] : 0;
    if ((a | b | c) & 0xc0) return false;
    to[0] = (unsigned char)(a << 2 | b >> 4);
    if (n == 2) return (b & 15) == 0;
    to[1] = (unsigned char)((b & 15) << 4 | c >> 2);
    return (c & 3) == 0;
}

/* Bytes that `in` decodes to if it is well formed. */
LLMFI_UNUSED static size_t llmfi_base64_decoded_size(llmf_str in) {
    size_t pad = 0;
    while (pad < 2 && pad < in.len && in.ptr[in.len - 1 - pad] == '=') pad++;
    in.len -= pad;
    return in.len / 4 * 3 + (in.len % 4 > 1 ? in.len % 4 - 1 : 0);
}

#if LLMFI_BASE64_SSE2
/* A mask of the bytes from `low` to `high`. */
static __m128i llmfi_base64_within(__m128i v, char low, char high) {
    return _mm_and_si128(_mm_cmpgt_epi8(v, _mm_set1_epi8((char)(low - 1))), _mm_cmplt_epi8(v, _mm_set1_epi8((char)(high + 1))));
}

/* Four characters each in two 64-bit halves: two times 24 bits of each. */
static uint64_t llmfi_base64_half(uint64_t v) {
    return __builtin_bswap64((v << 40) | (v >> 32 << 16)); /* the six bytes first, then two zeros */
}

/* Sixteen characters of the standard alphabet: twelve bytes, and two that do not count, at `to`. False: others are among them; nothing was written. */
static bool llmfi_base64_sixteen(const unsigned char *p, unsigned char *to) {
    __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p), pairs;
    __m128i upper = llmfi_base64_within(v, 'A', 'Z'), lower = llmfi_base64_within(v, 'a', 'z'), digit = llmfi_base64_within(v, '0', '9');
    __m128i plus = _mm_cmpeq_epi8(v, _mm_set1_epi8('+')), slash = _mm_cmpeq_epi8(v, _mm_set1_epi8('/'));
    __m128i shift = _mm_or_si128(_mm_and_si128(upper, _mm_set1_epi8((char)-'A')), _mm_and_si128(lower, _mm_set1_epi8((char)(26 - 'a'))));
    uint64_t half[2];
    shift = _mm_or_si128(shift, _mm_and_si128(digit, _mm_set1_epi8(52 - '0')));
    shift = _mm_or_si128(shift, _mm_or_si128(_mm_and_si128(plus, _mm_set1_epi8(62 - '+')), _mm_and_si128(slash, _mm_set1_epi8(63 - '/'))));
    if (_mm_movemask_epi8(_mm_cmpeq_epi8(shift, _mm_setzero_si128()))) return false; /* no character stands for itself */
    v = _mm_add_epi8(v, shift);
    pairs = _mm_or_si128(_mm_slli_epi16(_mm_and_si128(v, _mm_set1_epi16(0xff)), 6), _mm_srli_epi16(v, 8));
    _mm_storeu_si128((__m128i *)(void *)half, _mm_madd_epi16(pairs, _mm_set1_epi32(0x00011000))); /* the first of two twelve bits higher */
    half[0] = llmfi_base64_half(half[0]);
    half[1] = llmfi_base64_half(half[1]);
    memcpy(to, &half[0], 8);
    memcpy(to + 6, &half[1], 8);
    return true;
}
#endif

/* Decodes all of `in` into at most `cap` bytes at `out`. Padding may be left off but not be wrong; no white space; left-over
   bits are zero. False: malformed or too long, and `out` holds nothing of use. *len: bytes written. */
LLMFI_UNUSED static bool llmfi_base64_decode(llmf_str in, void *out, size_t cap, size_t *len) {
    const unsigned char *p = (const unsigned char *)in.ptr, *t = llmfi_base64_value;
    unsigned char *to = (unsigned char *)out;
    size_t pad = 0, n = in.len, tail;
    *len = 0;
    while (pad < 2 && pad < n && p[n - 1 - pad] == '=') pad++;
    if (pad && n % 4) return false;
    if (llmfi_base64_decoded_size(in) > cap) return false;
    n -= pad;
    tail = n % 4;
    if (tail == 1) return false;
#if LLMFI_BASE64_SSE2
    for (; n >= 20 && llmfi_base64_sixteen(p, to); n -= 16, p += 16) to += 12; /* what follows has room for the two bytes too many */
#endif
    for (; n >= 4; n -= 4, p += 4, to += 3) {
        unsigned a = t[p[0]], b = t[p[1]], c = t[p[2]], d = t[p[3]];
        if ((a | b | c | d) & 0xc0) return false;
        to[0] = (unsigned char)(a << 2 | b >> 4);
        to[1] = (unsigned char)(b << 4 | c >> 2);
        to[2] = (unsigned char)(c << 6 | d);
    }
    if (tail && !llmfi_base64_tail(p, tail, to)) return false;
    *len = llmfi_base64_decoded_size(in);
    return true;
}

#endif
