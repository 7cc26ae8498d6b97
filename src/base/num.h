/* Numbers as text, without a locale: exact reading (what IEEE 754 rounds to, for every input), shortest printing that reads
   back as the same number, and money as whole pico-dollars. */
#ifndef LLMFI_BASE_NUM_H
#define LLMFI_BASE_NUM_H
#include <float.h>
#include <stdint.h>
#include "str.h"

/* Numbers of any kind must be written: those of JSON and YAML that a program or a file gives. */
#define LLMFI_HAS_DOUBLES (LLMF_HAS_CONFIG || LLMF_HAS_SCHEMA || LLMF_HAS_EXTRA)

/* An operation on doubles rounds once, to a double. Not so on the x87, and not where the compiler may take the reciprocal or flush to zero (-ffast-math): there
   everything goes by whole numbers. */
#if defined(FLT_EVAL_METHOD) && FLT_EVAL_METHOD == 0 && !defined(__FAST_MATH__) && !defined(__RECIPROCAL_MATH__)
#define LLMFI_EXACT_DOUBLES 1
#else
#define LLMFI_EXACT_DOUBLES 0
#endif

#define LLMFI_INT_TEXT 20    /* room for any int64_t */
#define LLMFI_DOUBLE_TEXT 32 /* room for any double */

/* ---- whole numbers ---- */

/* Digits with an optional '-'; nothing else, and inside the range. */
LLMFI_UNUSED static bool llmfi_parse_int(llmf_str s, int64_t *out) {
    bool negative = s.len && s.ptr[0] == '-';
    uint64_t value = 0, most = (uint64_t)INT64_MAX + negative;
    size_t i = negative;
    if (i == s.len) return false;
    for (; i < s.len; i++) {
        unsigned digit = (unsigned)(unsigned char)s.ptr[i] - '0';
        if (digit > 9 || (i >= 18 && value > (most - digit) / 10)) return false; /* 18 digits always fit */
        value = value * 10 + digit;
    }
    *out = negative && value ? -(int64_t)(value - 1) - 1 : (int64_t)value;
    return true;
}

/* Up to 20 digits. */
LLMFI_UNUSED static size_t llmfi_print_uint(char *out, uint64_t value) {
    char text[LLMFI_INT_TEXT];
    size_t at = sizeof text;
    do {
        text[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    memcpy(out, text + at, sizeof text - at);
    return sizeof text - at;
}

/* `out` has room for LLMFI_INT_TEXT bytes; no NUL; returns the length. */
LLMFI_UNUSED static size_t llmfi_print_int(char *out, int64_t value) {
    if (value >= 0) return llmfi_print_uint(out, (uint64_t)value);
    out[0] = '-';
    return 1 + llmfi_print_uint(out + 1, (uint64_t)0 - (uint64_t)value);
}

/* ---- decimals, as they are written ---- */

/* The number is `w * 10^exp`, w its first 19 digits at most; `more`: digits other than 0 follow those. */
typedef struct llmfi_decimal {
    uint64_t w;
    int64_t exp;
    bool negative, more;
    const char *digits, *digits_end;         /* from the first digit that is not 0, the point among them; only where `more` */
} llmfi_decimal;

static uint64_t llmfi_load8_le(const char *s) {
    const unsigned char *p = (const unsigned char *)s;
    return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24 | (uint64_t)p[4] << 32
         | (uint64_t)p[5] << 40 | (uint64_t)p[6] << 48 | (uint64_t)p[7] << 56;
}

/* Eight bytes in any order: are they all digits? */
static bool llmfi_eight_digits(uint64_t v) {
    return !(((v + UINT64_C(0x4646464646464646)) | (v - UINT64_C(0x3030303030303030))) & UINT64_C(0x8080808080808080));
}

/* Adds the run of digits at p to *w (which wraps silently beyond 19 digits), eight at a time; returns its end. */
static const char *llmfi_decimal_run(const char *p, const char *end, uint64_t *w) {
    uint64_t value = *w;
    while (end - p >= 8) {
        uint64_t v = llmfi_load8_le(p);
        if (!llmfi_eight_digits(v)) break;
        v -= UINT64_C(0x3030303030303030);
        v = v * 10 + (v >> 8); /* pairs, then two pairs of pairs by one multiplication each */
        v = ((v & UINT64_C(0xff000000ff)) * UINT64_C(0xf424000000064)
           + ((v >> 16) & UINT64_C(0xff000000ff)) * UINT64_C(0x271000000001)) >> 32;
        value = value * 100000000 + v;
        p += 8;
    }
    for (; p < end && llmfi_is_digit(*p); p++) value = value * 10 + (uint64_t)(*p - '0');
    *w = value;
    return p;
}

/* More than 19 digits: leading zeros do not count, and what follows the first 19 only matters by not being all 0. */
static void llmfi_decimal_long(llmfi_decimal *d, const char *p, const char *end) {
    int taken = 0;
    bool point = false;
    int64_t exp = 0;
    for (; p < end && (*p == '0' || *p == '.'); p++) {
        if (*p == '.') point = true;
        else if (point) exp--;
    }
    d->digits = p;
    d->digits_end = end;
    d->w = 0;
    for (; p < end; p++) {
        if (*p == '.') {
            point = true;
        } else if (taken < 19) {
            d->w = d->w * 10 + (uint64_t)(*p - '0');
            taken++;
            if (point) exp--;
        } else {
            if (*p != '0') d->more = true;
            if (!point) exp++;
        }
    }
    d->exp += exp;
}

/* The text after 'e'; beyond +-10^17 it makes no difference. */
static bool llmfi_decimal_exponent(const char *p, const char *end, int64_t *exp) {
    bool negative = p < end && *p == '-';
    int64_t value = 0;
    if (p < end && (*p == '-' || *p == '+')) p++;
    if (p == end) return false;
    for (; p < end; p++) {
        if (!llmfi_is_digit(*p)) return false;
        if (value < INT64_C(100000000000000000)) value = value * 10 + (*p - '0');
    }
    *exp = negative ? -value : value;
    return true;
}

/* JSON's numbers, and also "1.", ".5" and "007"; at least one digit, no '+' in front, no blanks. */
static bool llmfi_decimal_read(llmf_str s, llmfi_decimal *d) {
    const char *p = s.ptr, *end = s.ptr + s.len, *begin, *stop;
    size_t digits;
    d->w = 0;
    d->exp = 0;
    d->more = false;
    d->negative = s.len && *p == '-';
    begin = p += d->negative;
    p = llmfi_decimal_run(p, end, &d->w);
    digits = (size_t)(p - begin);
    stop = p;
    if (p < end && *p == '.') {
        const char *fraction = ++p;
        stop = p = llmfi_decimal_run(p, end, &d->w);
        d->exp = fraction - p;
        digits += (size_t)(p - fraction);
    }
    if (!digits) return false;
    if (p < end) {
        int64_t exp;
        if ((*p != 'e' && *p != 'E') || !llmfi_decimal_exponent(p + 1, end, &exp)) return false;
        d->exp = digits > 19 ? exp : d->exp + exp;
    } else if (digits > 19) {
        d->exp = 0;
    }
    if (digits > 19) llmfi_decimal_long(d, begin, stop);
    return true;
}

/* The number times 10^shift as a whole number; false unless that is exact and fits. */
LLMFI_UNUSED static bool llmfi_parse_fixed(llmf_str s, int shift, int64_t *out) {
    llmfi_decimal d;
    if (!llmfi_decimal_read(s, &d) || d.more) return false;
    *out = 0;
    if (!d.w) return true;
    d.exp += shift;
    for (; d.exp < 0; d.exp++) {
        if (d.w % 10) return false;
        d.w /= 10;
    }
    for (; d.exp > 0; d.exp--) {
        if (d.w > UINT64_MAX / 10) return false;
        d.w *= 10;
    }
    if (d.w > (uint64_t)INT64_MAX) return false;
    *out = d.negative ? -(int64_t)d.w : (int64_t)d.w;
    return true;
}

/* A whole number in any spelling: 12, 12.0, 1.2e1. */
LLMFI_UNUSED static bool llmfi_parse_whole(llmf_str s, int64_t *out) {
    return llmfi_parse_fixed(s, 0, out);
}

/* The same of a count in a reply: without a need for other numbers only 12 and 12.0. */
LLMFI_UNUSED static bool llmfi_parse_spelt(llmf_str s, int64_t *out) {
#if LLMFI_HAS_DOUBLES
    return llmfi_parse_int(s, out) || llmfi_parse_whole(s, out);
#else
    while (s.len > 1 && s.ptr[s.len - 1] == '0' && llmfi_find_char(s, '.') != LLMFI_NOWHERE) s.len--;
    if (s.len > 1 && s.ptr[s.len - 1] == '.') s.len--;
    return llmfi_parse_int(s, out);
#endif
}

/* US dollars per million tokens -> pico-dollars per token: 1e12 / 1e6, so six decimals. */
LLMFI_UNUSED static bool llmfi_parse_pico(llmf_str usd_per_million, int64_t *pico_per_token) {
    return llmfi_parse_fixed(usd_per_million, 6, pico_per_token);
}

/* ---- powers of ten in 64 bits ---- */

/* m * 2^exp with the top bit of m set. */
typedef struct llmfi_scaled {
    uint64_t m;
    int exp;
} llmfi_scaled;

#define LLMFI_POW_MIN (-352)
#define LLMFI_POW_MAX 351

/* The upper half of a product, rounded. */
static uint64_t llmfi_mul_high(uint64_t a, uint64_t b) {
#if defined(__SIZEOF_INT128__)
    __extension__ typedef unsigned __int128 wide;
    wide v = (wide)a * b;
    return (uint64_t)(v >> 64) + ((uint64_t)v >> 63);
#else
    uint64_t al = a & 0xffffffffu, ah = a >> 32, bl = b & 0xffffffffu, bh = b >> 32;
    uint64_t low = al * bl, mid1 = ah * bl + (low >> 32), mid2 = al * bh + (mid1 & 0xffffffffu);
    return ah * bh + (mid1 >> 32) + (mid2 >> 32) + (mid2 >> 31 & 1);
#endif
}

/* At most half a unit of the last place is added to the operands' errors, doubled when the result must be shifted. */
static llmfi_scaled llmfi_scaled_mul(llmfi_scaled a, llmfi_scaled b) {
    llmfi_scaled r;
    r.m = llmfi_mul_high(a.m, b.m);
    r.exp = a.exp + b.exp + 64;
    if (!(r.m >> 63)) {
        r.m <<= 1;
        r.exp--;
    }
    return r;
}

static llmfi_scaled llmfi_scaled_of(uint64_t m) {
    llmfi_scaled r;
    r.m = m;
    r.exp = 0;
#if defined(__GNUC__)
    r.exp = -__builtin_clzll(m);
    r.m <<= -r.exp;
#else
    for (; !(r.m >> 63); r.m <<= 1) r.exp--;
#endif
    return r;
}

static const uint64_t llmfi_pow10[19] = {
    1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000, UINT64_C(10000000000), UINT64_C(100000000000),
    UINT64_C(1000000000000), UINT64_C(10000000000000), UINT64_C(100000000000000), UINT64_C(1000000000000000),
    UINT64_C(10000000000000000), UINT64_C(100000000000000000), UINT64_C(1000000000000000000)
};

/* a * 10^k, k within LLMFI_POW_MIN..MAX. The error is below 4 units of the last place, plus four times that of `a`. */
static llmfi_scaled llmfi_scaled_pow10(llmfi_scaled a, int k) {
    /* 10^-352, 10^-336 ... 10^336 to the nearest 64 bits */
    static const uint64_t big[44] = {
        UINT64_C(0xcd42a11346f34f7d), UINT64_C(0xe3e27a444d8d98b8), UINT64_C(0xfd00b897478238d1), UINT64_C(0x8c71dcd9ba0b4926),
        UINT64_C(0x9becce62836ac577), UINT64_C(0xad1c8eab5ee43b67), UINT64_C(0xc0314325637a193a), UINT64_C(0xd5605fcdcf32e1d7),
        UINT64_C(0xece53cec4a314ebe), UINT64_C(0x8380dea93da4bc60), UINT64_C(0x91ff83775423cc06), UINT64_C(0xa21727db38cb0030),
        UINT64_C(0xb3f4e093db73a093), UINT64_C(0xc7caba6e7c5382c9), UINT64_C(0xddd0467c64bce4a1), UINT64_C(0xf64335bcf065d37d),
        UINT64_C(0x88b402f7fd75539b), UINT64_C(0x97c560ba6b0919a6), UINT64_C(0xa87fea27a539e9a5), UINT64_C(0xbb127c53b17ec159),
        UINT64_C(0xcfb11ead453994ba), UINT64_C(0xe69594bec44de15b), UINT64_C(0x8000000000000000), UINT64_C(0x8e1bc9bf04000000),
        UINT64_C(0x9dc5ada82b70b59e), UINT64_C(0xaf298d050e4395d7), UINT64_C(0xc2781f49ffcfa6d5), UINT64_C(0xd7e77a8f87daf7fc),
        UINT64_C(0xefb3ab16c59b14a3), UINT64_C(0x850fadc09923329e), UINT64_C(0x93ba47c980e98ce0), UINT64_C(0xa402b9c5a8d3a6e7),
        UINT64_C(0xb616a12b7fe617aa), UINT64_C(0xca28a291859bbf93), UINT64_C(0xe070f78d3927556b), UINT64_C(0xf92e0c3537826146),
        UINT64_C(0x8a5296ffe33cc930), UINT64_C(0x9991a6f3d6bf1766), UINT64_C(0xaa7eebfb9df9de8e), UINT64_C(0xbd49d14aa79dbc82),
        UINT64_C(0xd226fc195c6a2f8c), UINT64_C(0xe950df20247c83fd), UINT64_C(0x81842f29f2cce376), UINT64_C(0x8fcac257558ee4e6),
    };
    int step = (k - LLMFI_POW_MIN) / 16, base = step * 16 + LLMFI_POW_MIN;
    llmfi_scaled b;
    if (k != base) a = llmfi_scaled_mul(a, llmfi_scaled_of(llmfi_pow10[k - base]));
    if (!base) return a;
    b.m = big[step];
    b.exp = ((base * 217706 + (4096 << 16)) >> 16) - 4096 - 63; /* floor(log2(10^base)) - 63 */
    return llmfi_scaled_mul(a, b);
}

/* ---- the exact way, for the few numbers that lie too near to the middle between two doubles ---- */

/* 780 digits and the powers beside them need below 3,800 bits. */
typedef struct llmfi_big {
    uint32_t word[128];
    int count;
} llmfi_big;

static void llmfi_big_mul(llmfi_big *b, uint32_t factor, uint32_t add) {
    uint64_t carry = add;
    int i;
    for (i = 0; i < b->count; i++) {
        carry += (uint64_t)b->word[i] * factor;
        b->word[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry && b->count < (int)LLMFI_COUNT(b->word)) b->word[b->count++] = (uint32_t)carry;
}

/* b * base^n, in steps of base^step, which fits 32 bits. */
static void llmfi_big_pow(llmfi_big *b, uint32_t base, int step, int64_t n) {
    uint32_t whole = 1;
    int i;
    for (i = 0; i < step; i++) whole *= base;
    for (; n >= step; n -= step) llmfi_big_mul(b, whole, 0);
    for (; n > 0; n--) llmfi_big_mul(b, base, 0);
}

static int llmfi_big_compare(const llmfi_big *a, const llmfi_big *b) {
    int i;
    if (a->count != b->count) return a->count < b->count ? -1 : 1;
    for (i = a->count; i-- > 0;)
        if (a->word[i] != b->word[i]) return a->word[i] < b->word[i] ? -1 : 1;
    return 0;
}

/* All digits; past 780 of them a last 1 stands for whatever follows. Returns the power of ten that goes with it. */
static int64_t llmfi_big_digits(llmfi_big *b, const llmfi_decimal *d) {
    const char *p = d->digits;
    int64_t whole = 0;
    b->word[0] = (uint32_t)d->w;
    b->word[1] = (uint32_t)(d->w >> 32);
    b->count = b->word[1] ? 2 : b->word[0] ? 1 : 0;
    if (!d->more) return d->exp;
    b->count = 0;
    for (; p < d->digits_end && whole < 780; p++) {
        if (*p == '.') continue;
        llmfi_big_mul(b, 10, (uint32_t)(*p - '0'));
        whole++;
    }
    for (; p < d->digits_end && (*p == '0' || *p == '.'); p++) continue;
    if (p < d->digits_end) {
        llmfi_big_mul(b, 10, 1);
        whole++;
    }
    return d->exp + 19 - whole; /* d->exp belongs to the first 19 digits */
}

/* Sign of: the decimal - half * 2^exp2. */
static int llmfi_decimal_compare(const llmfi_decimal *d, uint64_t half, int exp2) {
    llmfi_big left, right;
    llmfi_decimal h;
    int64_t exp = llmfi_big_digits(&left, d);
    memset(&h, 0, sizeof h);
    h.w = half;
    llmfi_big_digits(&right, &h);
    llmfi_big_pow(exp < 0 ? &right : &left, 10, 9, exp < 0 ? -exp : exp);
    llmfi_big_pow(exp2 < 0 ? &left : &right, 2, 31, exp2 < 0 ? -(int64_t)exp2 : exp2);
    return llmfi_big_compare(&left, &right);
}

/* ---- decimal -> binary ---- */

/* The IEEE 754 bits, without sign, of a format with `bits` of significand and the least normal exponent `least`. Too large gives
   the bits of infinity. Computed in 64 bits with a known bound of the error; where that leaves the rounding open, exactly. */
static uint64_t llmfi_decimal_bits(const llmfi_decimal *d, int bits, int least) {
    uint64_t infinity = (uint64_t)(3 - 2 * least) << (bits - 1), kept, half, low, error = 5;
    llmfi_scaled v;
    int drop, top;
    if (!d->w || d->exp < LLMFI_POW_MIN) return 0; /* 10^19 * 10^-353 is below half of the least double */
    if (d->exp > 310) return infinity;
    v = llmfi_scaled_of(d->w);
    if (d->more) error += 4u << -v.exp;
    v = llmfi_scaled_pow10(v, (int)d->exp);
    top = v.exp + 63;
    drop = 64 - bits + (top < least ? least - top : 0);
    if (drop > 65) return 0;
    if (drop >= 64) { /* at most the least denormal, or nothing */
        v.m = v.m >> 2 | (v.m & 3 ? 1 : 0);
        v.exp += 2;
        drop -= 2;
    }
    kept = v.m >> drop;
    half = UINT64_C(1) << (drop - 1);
    low = v.m & (2 * half - 1);
    if (low + error < half) low = 0;
    else if (low > half + error) low = 1;
    else {
        int sign = llmfi_decimal_compare(d, 2 * kept + 1, v.exp + drop - 1);
        low = sign > 0 || (sign == 0 && (kept & 1));
    }
    kept += low;
    if (top >= least) kept += (uint64_t)(top - least) << (bits - 1); /* the hidden bit makes it one more */
    return kept < infinity ? kept : infinity;
}

/* Correctly rounded (to nearest, ties to even). False: no number, or too large for a double; too small is 0. */
LLMFI_UNUSED static bool llmfi_parse_double(llmf_str s, double *out) {
    llmfi_decimal d;
    uint64_t bits;
    if (!llmfi_decimal_read(s, &d)) return false;
#if LLMFI_EXACT_DOUBLES
    /* Clinger: both operands are exact doubles, so one operation rounds once. */
    if (!d.more && d.w <= UINT64_C(1) << 53 && d.exp >= -18 && d.exp <= 18) {
        double value = (double)(int64_t)d.w, power = (double)(int64_t)llmfi_pow10[d.exp < 0 ? -d.exp : d.exp];
        value = d.exp < 0 ? value / power : value * power;
        *out = d.negative ? -value : value;
        return true;
    }
#endif
    bits = llmfi_decimal_bits(&d, 53, -1022);
    if (bits >> 52 == 0x7ff) return false;
    bits |= (uint64_t)d.negative << 63;
    memcpy(out, &bits, sizeof bits);
    return true;
}

/* The same for float: rounded once, not through double. */
LLMFI_UNUSED static bool llmfi_decimal_float(const llmfi_decimal *d, float *out) {
    uint32_t bits;
#if LLMFI_EXACT_DOUBLES
    /* Three roundings in double are off by less than 2 units of its last place: that decides the float, unless they lie at the
       middle between two floats. The range, 10^-18 .. 10^37, is inside the normal one. */
    if (!d->more && d->w <= (uint64_t)INT64_MAX && d->exp >= -18 && d->exp <= 18) {
        double value = (double)(int64_t)d->w, power = (double)(int64_t)llmfi_pow10[d->exp < 0 ? -d->exp : d->exp];
        uint64_t wide;
        value = d->exp < 0 ? value / power : value * power;
        memcpy(&wide, &value, sizeof wide);
        if ((wide & 0x1fffffff) - 0xffffffc > 8) { /* further than 4 from 0x10000000 */
            *out = (float)(d->negative ? -value : value);
            return true;
        }
    }
#endif
    bits = (uint32_t)llmfi_decimal_bits(d, 24, -126);
    if (bits >> 23 == 0xff) return false;
    bits |= (uint32_t)d->negative << 31;
    memcpy(out, &bits, sizeof bits);
    return true;
}

LLMFI_UNUSED static bool llmfi_parse_float(llmf_str s, float *out) {
    llmfi_decimal d;
    return llmfi_decimal_read(s, &d) && llmfi_decimal_float(&d, out);
}

/* ---- binary -> decimal ---- */

#if !LLMFI_HAS_DOUBLES

/* Six decimals at most: temperature and top_p. 0: it is no such number. */
LLMFI_UNUSED static size_t llmfi_print_double(char out[LLMFI_DOUBLE_TEXT], double value) {
    char *p = out;
    uint64_t n;
    int i;
    if (!(value > -1e9 && value < 1e9)) return 0;
    if (value < 0) *p++ = '-';
    n = (uint64_t)((value < 0 ? -value : value) * 1e6 + 0.5);
    p += llmfi_print_uint(p, n / 1000000);
    n %= 1000000;
    if (!n) return (size_t)(p - out);
    *p = '.';
    for (i = 6; i; i--, n /= 10) p[i] = (char)('0' + n % 10);
    for (i = 6; p[i] == '0';) i--;
    return (size_t)(p - out) + (size_t)i + 1;
}

#else

/* The positive double `bits` in 17 digits: v ~ *w * 10^result, 10^16 <= *w < 10^17 (its last digit may be off by one). */
static int llmfi_digits17(uint64_t bits, uint64_t *w) {
    uint64_t fraction = bits & 0xfffffffffffffu;
    int exp = (int)(bits >> 52), k;
    llmfi_scaled v = llmfi_scaled_of(exp ? fraction | UINT64_C(1) << 52 : fraction), p;
    v.exp += (exp ? exp : 1) - 1075;
    k = 16 - ((((v.exp + 63) * 78913 + (1024 << 18)) >> 18) - 1024); /* 16 - floor(log10(2^top)) */
    for (;; k--) {
        p = llmfi_scaled_pow10(v, k);
        *w = (p.m + (UINT64_C(1) << (-p.exp - 1))) >> -p.exp;
        if (*w < UINT64_C(100000000000000000)) return -k;
    }
}

/* True when w * 10^exp reads back as `bits`. */
static bool llmfi_reads_back(uint64_t w, int exp, uint64_t bits) {
    llmfi_decimal d;
    memset(&d, 0, sizeof d);
    d.w = w;
    d.exp = exp;
    return llmfi_decimal_bits(&d, 53, -1022) == bits;
}

/* As people write them: whole thousandths, of so few digits that no other text of as few reads back as the same double. */
static bool llmfi_thousandths(uint64_t bits, uint64_t *w) {
#if LLMFI_EXACT_DOUBLES
    double value;
    memcpy(&value, &bits, sizeof value);
    if (!(value > 0 && value < 1e9)) return false;
    *w = (uint64_t)(int64_t)(value * 1000 + 0.5);
    return *w && (double)(int64_t)*w / 1000 == value; /* both operands are exact, so this is what reading the text gives */
#else
    (void)bits, (void)w;
    return false;
#endif
}

/* The fewest digits that read back as `bits`: *w * 10^result, perhaps with zeros at its end. */
static int llmfi_fewest(uint64_t bits, uint64_t *w) {
    uint64_t all, half;
    int exp = llmfi_digits17(bits, &all), drop;
    /* 15 digits always come back from a normal double, so fewer show as zeros; below that range it takes a search */
    for (drop = bits >> 52 ? 2 : 16; drop; drop--) {
        half = llmfi_pow10[drop] / 2;
        *w = (all + half) / (2 * half);
        if (llmfi_reads_back(*w, exp + drop, bits)) return exp + drop;
        if (all % (2 * half) == half && llmfi_reads_back(--*w, exp + drop, bits)) return exp + drop; /* the middle may have been below it */
    }
    *w = all;
    if (!llmfi_reads_back(all, exp, bits)) *w = llmfi_reads_back(all - 1, exp, bits) ? all - 1 : all + 1;
    return exp;
}

/* The same without those zeros. */
static int llmfi_shortest(uint64_t bits, uint64_t *w) {
    int exp = llmfi_thousandths(bits, w) ? -3 : llmfi_fewest(bits, w);
    for (; *w % 10 == 0; exp++) *w /= 10;
    return exp;
}

/* Lays out `n` digits with the point after digit `point` (of the text 0.ddd * 10^point), without an exponent. */
static char *llmfi_print_plain(char *out, const char *digits, int n, int point) {
    int i;
    if (point <= 0) {
        *out++ = '0';
        *out++ = '.';
        for (i = point; i < 0; i++) *out++ = '0';
    }
    for (i = 0; i < n || i < point; i++) {
        if (i == point && point > 0) *out++ = '.';
        *out++ = (char)(i < n ? digits[i] : '0');
    }
    return out;
}

/* The shortest text that reads back as the same double, as JavaScript lays it out: 0.1, 100, 1e21, 1.5e-7. No NUL. Returns the
   length; 0 for what JSON cannot say (infinities, NaN). */
LLMFI_UNUSED static size_t llmfi_print_double(char out[LLMFI_DOUBLE_TEXT], double value) {
    char digits[LLMFI_INT_TEXT], *p = out;
    uint64_t bits, w;
    int n, point;
    memcpy(&bits, &value, sizeof bits);
    if ((bits >> 52 & 0x7ff) == 0x7ff) return 0;
    if (bits >> 63) *p++ = '-';
    bits &= UINT64_MAX >> 1;
    if (!bits) {
        *p++ = '0';
        return (size_t)(p - out);
    }
    point = llmfi_shortest(bits, &w);
    n = (int)llmfi_print_uint(digits, w);
    point += n;
    if (point > -6 && point <= 21) return (size_t)(llmfi_print_plain(p, digits, n, point) - out);
    p = llmfi_print_plain(p, digits, n, 1);
    *p++ = 'e';
    return (size_t)(p - out) + llmfi_print_int(p, point - 1);
}

#endif
#endif
