/* The curve P-256 with products of 64 bits by 64. BearSSL 0.6 has those of 31, which are nine tenths of a handshake of this client; these take a quarter of
   their time. Linked in the place of BearSSL's own br_ec_p256_m31, whose interface it has (bearssl_ec.h says what each function promises); where the compiler has no
   product of 128 bits it is BearSSL's own.

   Points are projective, and one formula adds any two of them, the point at infinity (0 : 1 : 0) too: Renes, Costello and Batina, "Complete addition formulas
   for prime order elliptic curves", algorithm 4. So no secret is ever asked what it is: nothing branches on a multiplier, and every entry of a table is read
   for each of its digits. tests/minimal/p256.c compares it with BearSSL's and with OpenSSL's. */
#ifndef __SIZEOF_INT128__
#include "ec/ec_p256_m31.c"
#else

#include <bearssl.h>
#include <string.h>

__extension__ typedef unsigned __int128 wide;

/* An integer modulo p = 2^256 - 2^224 + 2^192 + 2^96 - 1 in five limbs of 56 bits, lowest first. It stands for its product with 2^280 (Montgomery's form).
   What mul and sub make is settled: below 2 p, its limbs below 2^56. What add makes is not, and may be the sum of at most six settled ones: its limbs are then
   below 2^59, which mul and sub take. */
typedef uint64_t element[5];

typedef struct {
    element x, y, z;
} point;

typedef struct {
    const point *p;
    const unsigned char *x; /* the multiplier, highest byte first */
    size_t len;
} term;

#define LIMB 0xffffffffffffff
static const element P = {LIMB, 0xffffffffff, 0, 0x1000000, 0xffffffff};
static const element ONE = {0x1000000, 0, 0xffffffffffff00, 0xfeffffffffffff, 0xffffff};
static const element B = {0x29c4bddfdc3006, 0x542a90d89cdf62, 0x2ed6acf005cc9c, 0x3409721aabf721, 0x1de0b74e}; /* y^2 = x^3 - 3 x + B */
static const point NONE = {{0, 0, 0, 0, 0}, {0x1000000, 0, 0xffffffffffff00, 0xfeffffffffffff, 0xffffff}, {0, 0, 0, 0, 0}};

/* The generator, and its products with 2^64, 2^128 and 2^192: a multiplier of it is taken in four quarters at once. */
static const point QUARTERS[4] = {{{0x18a9143c18905f, 0x5d570179e730d4, 0x251075ba95fc47, 0xc6616b142b7762, 0x76bdc7b4},
                                   {0xce95560a8571ff, 0xa7e55cddf25357, 0xf3258b4ab8e434, 0x854d768788dd21, 0x18aafa5c},
                                   {0x1000000, 0, 0xffffffffffff00, 0xfeffffffffffff, 0xffffff}},
                                  {{0x16a0d2bb2f5e69, 0x3cb994f922fc5, 0x2c8b0d5cc16beb, 0x7f62e3663a57c6, 0x622c79cf},
                                   {0xf5a01797f648f9, 0x4c68925c15c70b, 0xdb523d20b44c6a, 0x7a0e482237071f, 0x1783b808},
                                   {0x1000000, 0, 0xffffffffffff00, 0xfeffffffffffff, 0xffffff}},
                                  {{0xbfe2092561d587, 0x7616762a8c244, 0x706391c19ac32e, 0xf5f8c11ed5dd38, 0xd483a8ab},
                                   {0xa37173eafa11fe, 0x658d65e87673a2, 0xb43e2384800759, 0xbd16e6461e05ba, 0x134033ed},
                                   {0x1000000, 0, 0xffffffffffff00, 0xfeffffffffffff, 0xffffff}},
                                  {{0xf4f8b16a803f3e, 0x3be86a56f8410e, 0x87c197241afe44, 0x1a8a012d8e6d9c, 0x34d81e9},
                                   {0x4dbec69c09744, 0x238c5f7f0309a8, 0x197fa83b85f67b, 0xc105722e73ad8e, 0xf10fef1},
                                   {0x1000000, 0, 0xffffffffffff00, 0xfeffffffffffff, 0xffffff}}};

static const unsigned char GENERATOR[65] = {4,    0x6B, 0x17, 0xD1, 0xF2, 0xE1, 0x2C, 0x42, 0x47, 0xF8, 0xBC, 0xE6, 0xE5, 0x63, 0xA4, 0x40, 0xF2, 0x77, 0x03, 0x7D, 0x81, 0x2D,
                                            0xEB, 0x33, 0xA0, 0xF4, 0xA1, 0x39, 0x45, 0xD8, 0x98, 0xC2, 0x96, 0x4F, 0xE3, 0x42, 0xE2, 0xFE, 0x1A, 0x7F, 0x9B, 0x8E, 0xE7, 0xEB,
                                            0x4A, 0x7C, 0x0F, 0x9E, 0x16, 0x2B, 0xCE, 0x33, 0x57, 0x6B, 0x31, 0x5E, 0xCE, 0xCB, 0xB6, 0x40, 0x68, 0x37, 0xBF, 0x51, 0xF5};
static const unsigned char ORDER[32] = {0xFF, 0xFF, 0xFF, 0xFF, 0x00, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
                                        0xBC, 0xE6, 0xFA, 0xAD, 0xA7, 0x17, 0x9E, 0x84, 0xF3, 0xB9, 0xCA, 0xC2, 0xFC, 0x63, 0x25, 0x51};

/* ---- elements. The result may be one of the operands ---- */

static void choose(element r, uint64_t yes, const element a, const element b) { /* a where yes is 1, b where it is 0 */
    int i;
    for (i = 0; i < 5; i++) r[i] = b[i] ^ ((0 - yes) & (a[i] ^ b[i]));
}

static void add(element r, const element a, const element b) {
    int i;
    for (i = 0; i < 5; i++) r[i] = a[i] + b[i];
}

/* a - b + 16 p, in whose limbs here those of any b fit, and less p as often as the highest limb tells. */
static void sub(element r, const element a, const element b) {
    uint64_t t0 = a[0] + 0x8fffffffffffff0 - b[0], t1 = a[1] + 0x8000ffffffffff7 - b[1], t2 = a[2] + 0x7fffffffffffff8 - b[2], t3 = a[3] + 0x80000000ffffff8 - b[3],
             t4 = a[4] + 0xfffffffe8 - b[4], times = t4 >> 32;
    t0 += times;
    t1 += (t0 >> 56) - (times << 40);
    t2 += t1 >> 56;
    t3 += (t2 >> 56) - (times << 24);
    t4 += (t3 >> 56) + times - (times << 32);
    r[0] = t0 & LIMB, r[1] = t1 & LIMB, r[2] = t2 & LIMB, r[3] = t3 & LIMB, r[4] = t4;
}

/* a * b / 2^280. For each limb of a, m * p is added with m the lowest limb of all, which makes that limb 0, as -1 / p is 1 modulo 2^56; and the lowest is dropped.
   m * p is m times 2^256 - 2^224, 2^192 and 2^96, less m. The sums stay below 2^121. */
static void mul(element r, const element a, const element b) {
    const uint64_t a0 = a[0], a1 = a[1], a2 = a[2], a3 = a[3], a4 = a[4], b0 = b[0], b1 = b[1], b2 = b[2], b3 = b[3], b4 = b[4];
    uint64_t m0, m1, m2, m3, m4;
    wide t = (wide)a0 * b0;
    m0 = (uint64_t)t & LIMB, t >>= 56;
    t += (wide)a0 * b1 + (wide)a1 * b0 + ((wide)m0 << 40);
    m1 = (uint64_t)t & LIMB, t >>= 56;
    t += (wide)a0 * b2 + (wide)a1 * b1 + (wide)a2 * b0 + ((wide)m1 << 40);
    m2 = (uint64_t)t & LIMB, t >>= 56;
    t += (wide)a0 * b3 + (wide)a1 * b2 + (wide)a2 * b1 + (wide)a3 * b0 + ((wide)m2 << 40) + ((wide)m0 << 24);
    m3 = (uint64_t)t & LIMB, t >>= 56;
    t += (wide)a0 * b4 + (wide)a1 * b3 + (wide)a2 * b2 + (wide)a3 * b1 + (wide)a4 * b0 + ((wide)m3 << 40) + ((wide)m1 << 24) + (wide)m0 * 0xffffffff;
    m4 = (uint64_t)t & LIMB, t >>= 56;
    t += (wide)a1 * b4 + (wide)a2 * b3 + (wide)a3 * b2 + (wide)a4 * b1 + ((wide)m4 << 40) + ((wide)m2 << 24) + (wide)m1 * 0xffffffff;
    r[0] = (uint64_t)t & LIMB, t >>= 56;
    t += (wide)a2 * b4 + (wide)a3 * b3 + (wide)a4 * b2 + ((wide)m3 << 24) + (wide)m2 * 0xffffffff;
    r[1] = (uint64_t)t & LIMB, t >>= 56;
    t += (wide)a3 * b4 + (wide)a4 * b3 + ((wide)m4 << 24) + (wide)m3 * 0xffffffff;
    r[2] = (uint64_t)t & LIMB, t >>= 56;
    t += (wide)a4 * b4 + (wide)m4 * 0xffffffff;
    r[3] = (uint64_t)t & LIMB, r[4] = (uint64_t)(t >> 56);
}

static void thrice(element r, const element a) {
    element twofold;
    add(twofold, a, a);
    add(r, twofold, a);
}

static void power(element r, int squarings, const element a) {
    while (squarings--) mul(r, r, r);
    mul(r, r, a);
}

static void invert(element r, const element a) { /* a^(p - 2), whose bits are 32 ones, 31 zeros, 1, 96 zeros, 94 ones, 01; 0 of 0 */
    element ones30, ones32, all;
    int i;
    memcpy(ones30, a, sizeof ones30);
    for (i = 1; i < 30; i++) power(ones30, 1, a);
    memcpy(ones32, ones30, sizeof ones32);
    for (i = 30; i < 32; i++) power(ones32, 1, a);
    memcpy(all, ones32, sizeof all);
    power(all, 32, a);
    power(all, 128, ones32);
    power(all, 32, ones32);
    power(all, 30, ones30);
    power(all, 2, a);
    memcpy(r, all, sizeof all);
}

static uint64_t is_zero(const element a) { /* of a settled one: 0 or p */
    uint64_t zero = 0, p = 0;
    int i;
    for (i = 0; i < 5; i++) zero |= a[i], p |= a[i] ^ P[i];
    return ((zero - 1) & ~zero) >> 63 | ((p - 1) & ~p) >> 63;
}

static uint32_t read_element(element r, const unsigned char *from) { /* 32 bytes, highest first; 0: it is not below p */
    static const unsigned char p[32] = {255, 255, 255, 255, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255};
    static const element square = {0x03000000050000, 0, 0xfffffbfffffffa, 0xfffafffffffeff, 0x0000000002ffff}; /* 2^560 */
    element raw = {0, 0, 0, 0, 0};
    int i;
    for (i = 0; i < 32; i++) raw[i / 7] |= (uint64_t)from[31 - i] << i % 7 * 8;
    mul(r, raw, square);
    return memcmp(from, p, sizeof p) < 0;
}

static void write_element(unsigned char *to, const element a) {
    static const element zero = {0, 0, 0, 0, 0}, raw_one = {1, 0, 0, 0, 0};
    element raw;
    int i;
    mul(raw, a, raw_one); /* at most p */
    choose(raw, is_zero(raw), zero, raw);
    for (i = 0; i < 32; i++) to[31 - i] = (unsigned char)(raw[i / 7] >> i % 7 * 8);
}

/* ---- points. The result may be one of the operands ---- */

static void product_of_sums(element r, const element a, const element b, const element c, const element d, const element less1, const element less2) {
    element left, right; /* r = (a + b) (c + d) - (less1 + less2) */
    add(left, a, b);
    add(right, c, d);
    mul(left, left, right);
    add(right, less1, less2);
    sub(r, left, right);
}

static void plus(point *r, const point *p, const point *q) {
    element xx, yy, zz, xy, yz, xz, t, u, v, w, one, other;
    mul(xx, p->x, q->x);
    mul(yy, p->y, q->y);
    mul(zz, p->z, q->z);
    product_of_sums(xy, p->x, p->y, q->x, q->y, xx, yy);
    product_of_sums(yz, p->y, p->z, q->y, q->z, yy, zz);
    product_of_sums(xz, p->x, p->z, q->x, q->z, xx, zz);
    mul(one, B, zz);
    sub(one, xz, one);
    thrice(one, one);
    add(t, yy, one); /* t, u = yy + 3 (xz - B zz), yy - the same */
    sub(u, yy, one);
    thrice(zz, zz);
    thrice(v, xx);
    sub(v, v, zz); /* v = 3 xx - 3 zz */
    mul(w, B, xz);
    add(zz, zz, xx);
    sub(w, w, zz);
    thrice(w, w); /* w = 3 (B xz - 3 zz - xx) */
    mul(one, t, xy), mul(other, yz, w), sub(r->x, one, other);
    mul(one, t, u), mul(other, v, w), add(r->y, one, other);
    mul(one, u, yz), mul(other, v, xy), add(r->z, one, other);
}

/* Most of the work, so with a formula of its own: 10 products instead of 14. ("dbl-2007-bl" of the Explicit-Formulas Database, for a = -3.) It makes nothing but
   zeros of the point at infinity, whose y is put right. */
static void twice(point *p) {
    element w, s, r, rr, b, h, t;
    sub(w, p->x, p->z);
    add(t, p->x, p->z);
    mul(w, w, t);
    thrice(w, w); /* w = 3 (x - z) (x + z) */
    mul(s, p->y, p->z);
    add(s, s, s); /* s = 2 y z */
    mul(r, p->y, s);
    mul(rr, r, r);
    mul(b, p->x, r);
    add(b, b, b); /* b = 2 x r, r = y s */
    mul(h, w, w);
    add(t, b, b);
    sub(h, h, t); /* h = w^2 - 2 b */
    mul(p->x, h, s);
    sub(t, b, h);
    mul(t, w, t);
    add(rr, rr, rr);
    sub(p->y, t, rr); /* y = w (b - h) - 2 r^2 */
    mul(t, s, s);
    mul(p->z, t, s);
    choose(p->y, is_zero(p->z), ONE, p->y);
}

/* A multiplier's digit of four bits, the lowest is the 0th. */
static uint64_t digit(const term *t, size_t at) {
    return at / 2 < t->len ? (uint64_t)(t->x[t->len - 1 - at / 2] >> at % 2 * 4 & 15) : 0;
}

static void pick(point *r, const point *multiples, uint64_t wanted) { /* one of 16 */
    uint64_t i, all;
    int k;
    memset(r, 0, sizeof *r);
    for (i = 0; i < 16; i++) {
        all = 0 - (((i ^ wanted) - 1) >> 63); /* all ones for the one that is wanted, else 0 */
        for (k = 0; k < 5; k++) r->x[k] |= all & multiples[i].x[k];
        for (k = 0; k < 5; k++) r->y[k] |= all & multiples[i].y[k];
        for (k = 0; k < 5; k++) r->z[k] |= all & multiples[i].z[k];
    }
}

/* The sum of each point's product with its multiplier, of at most four: for each digit, highest first, 16 times what there is and the digit's multiple of each point. */
static void sum(point *r, const term *terms, size_t count) {
    point multiples[4][16], more;
    size_t at = 0, k, i;
    for (k = 0; k < count; k++) {
        multiples[k][0] = NONE;
        for (i = 1; i < 16; i++) plus(&multiples[k][i], &multiples[k][i - 1], terms[k].p);
        if (at < 2 * terms[k].len) at = 2 * terms[k].len;
    }
    *r = NONE;
    while (at--) {
        for (i = 0; i < 4; i++) twice(r);
        for (k = 0; k < count; k++) {
            pick(&more, multiples[k], digit(&terms[k], at));
            plus(r, r, &more);
        }
    }
}

static uint32_t read_point(point *p, const unsigned char *from, size_t len) { /* 0: it is none of the curve */
    element left, right;
    if (len != sizeof GENERATOR || from[0] != 4) return 0;
    if (!read_element(p->x, from + 1) || !read_element(p->y, from + 33)) return 0;
    memcpy(p->z, ONE, sizeof ONE);
    mul(left, p->x, p->x);
    mul(left, left, p->x);
    thrice(right, p->x);
    sub(left, left, right);
    add(left, left, B);
    mul(right, p->y, p->y);
    sub(left, left, right);
    return (uint32_t)is_zero(left);
}

static uint32_t write_point(unsigned char *to, const point *p) { /* 0: it is the point at infinity, which cannot be written */
    element z, t;
    uint32_t known;
    mul(z, p->z, ONE); /* z may be a sum */
    known = (uint32_t)is_zero(z) ^ 1;
    invert(z, z);
    to[0] = 4;
    mul(t, p->x, z);
    write_element(to + 1, t);
    mul(t, p->y, z);
    write_element(to + 33, t);
    return known;
}

/* ---- what BearSSL calls ---- */

static uint32_t is_some(const unsigned char *x, size_t len) { /* 0: it is zero */
    unsigned any = 0;
    while (len--) any |= x[len];
    return (any + 255) >> 8;
}

static const unsigned char *curve_generator(int curve, size_t *len) {
    (void)curve;
    *len = sizeof GENERATOR;
    return GENERATOR;
}

static const unsigned char *curve_order(int curve, size_t *len) {
    (void)curve;
    *len = sizeof ORDER;
    return ORDER;
}

static size_t curve_xoff(int curve, size_t *len) {
    (void)curve;
    *len = 32;
    return 1;
}

static uint32_t curve_muladd(unsigned char *a, const unsigned char *b, size_t len, const unsigned char *x, size_t x_len, const unsigned char *y, size_t y_len, int curve) {
    point p, q = QUARTERS[0];
    term terms[2];
    (void)curve;
    if (!read_point(&p, a, len) || (b && !read_point(&q, b, len))) return 0;
    terms[0].p = &p, terms[0].x = x, terms[0].len = x_len;
    terms[1].p = &q, terms[1].x = y, terms[1].len = y_len;
    sum(&p, terms, 2);
    return write_point(a, &p) & is_some(x, x_len) & is_some(y, y_len); /* zero is an error, as promised: a signature may have an r of 0 */
}

static uint32_t curve_mul(unsigned char *g, size_t g_len, const unsigned char *x, size_t x_len, int curve) {
    point p;
    term one;
    (void)curve;
    if (!read_point(&p, g, g_len)) return 0;
    one.p = &p, one.x = x, one.len = x_len;
    sum(&p, &one, 1);
    return write_point(g, &p);
}

static size_t curve_mulgen(unsigned char *r, const unsigned char *x, size_t x_len, int curve) {
    point p;
    term terms[4];
    size_t k;
    (void)curve;
    for (k = 0; k < 4; k++) { /* the highest has what is left, which may be leading zeros */
        terms[k].len = k < 3 && x_len > 8 ? 8 : x_len;
        x_len -= terms[k].len;
        terms[k].p = &QUARTERS[k], terms[k].x = x + x_len;
    }
    sum(&p, terms, 4);
    write_point(r, &p);
    return sizeof GENERATOR;
}

const br_ec_impl br_ec_p256_m31 = {(uint32_t)1 << BR_EC_secp256r1, curve_generator, curve_order, curve_xoff, curve_mul, curve_mulgen, curve_muladd};
#endif
