/* Base64 (RFC 4648): strict decoding of both alphabets, encoding of whole blocks. What streams an encoding out is
   llmfi_put_base64 in out.h. */
#ifndef LLMFI_BASE_BASE64_H
#define LLMFI_BASE_BASE64_H
#include "str.h"

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
