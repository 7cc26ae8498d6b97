/* The curve of examples/minimal against BearSSL's own and OpenSSL's: elements at the edges of what they may be, points, multipliers, and what has to be refused. For
   the sanitizers. With -DWATCHED, for valgrind: it takes the multiplier for memory that nobody has written, and says so where a branch or an address hangs on it. */
#include "expect.h"
#include <bearssl.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/obj_mac.h>
#include <stdlib.h>
#include <string.h>

#ifndef __SIZEOF_INT128__
int main(void) {
    printf("skipped: no product of 128 bits, so the curve is BearSSL's own\n0 passed, 0 failed, 1 skipped\n");
    return 0;
}
#else

static const br_ec_impl *const theirs = &br_ec_p256_m31;
#define br_ec_p256_m31 ours
#include "../../examples/minimal/curve/p256.c"
#undef br_ec_p256_m31

enum { CURVE = BR_EC_secp256r1, POINT = 65, ELEMENTS = 6000, POINTS = 400 };
static br_hmac_drbg_context chance;

static unsigned some(unsigned below) {
    uint32_t n;
    br_hmac_drbg_generate(&chance, &n, sizeof n);
    return (unsigned)(n % below);
}

/* ---- elements, against OpenSSL's integers ---- */

static BN_CTX *ctx;
static BIGNUM *prime, *radix_inverse;

static BIGNUM *integer(const element a) {
    BIGNUM *n = BN_new(), *limb = BN_new();
    int i;
    BN_zero(n);
    for (i = 4; i >= 0; i--) {
        unsigned char bytes[8];
        int k;
        for (k = 0; k < 8; k++) bytes[7 - k] = (unsigned char)(a[i] >> 8 * k);
        BN_bin2bn(bytes, 8, limb);
        BN_lshift(n, n, 56);
        BN_add(n, n, limb);
    }
    BN_free(limb);
    return n;
}

static int is_settled(const element a) { /* below 2 p, its limbs below 2^56 */
    BIGNUM *n = integer(a), *two_p = BN_dup(prime);
    int i, good;
    BN_lshift1(two_p, two_p);
    good = BN_cmp(n, two_p) < 0;
    for (i = 0; i < 5; i++) good = good && a[i] <= LIMB;
    BN_free(n);
    BN_free(two_p);
    return good;
}

static void settled(element r) { /* any; most of them at an edge */
    static const uint64_t edges[] = {0, 1, LIMB - 1, LIMB, 0xffffffffff, 0x1000000, (uint64_t)1 << 55};
    do {
        int i;
        for (i = 0; i < 5; i++) {
            br_hmac_drbg_generate(&chance, &r[i], sizeof r[i]);
            r[i] = some(3) ? edges[some(sizeof edges / sizeof edges[0])] : r[i] & LIMB;
        }
        r[4] = some(3) ? (uint64_t)0x1ffffffff - some(3) : r[4] & 0x1ffffffff;
    } while (!is_settled(r));
}

static void sum_of_settled(element r) { /* of one to six, mostly of six */
    unsigned count = some(2) ? 6 : 1 + some(6);
    settled(r);
    while (--count) {
        element more;
        settled(more);
        add(r, r, more);
    }
}

static int equals(BIGNUM *wanted, const element a, const char *kind, int at) { /* modulo p; frees what is wanted */
    BIGNUM *n = integer(a);
    int good;
    BN_nnmod(n, n, prime, ctx);
    BN_nnmod(wanted, wanted, prime, ctx);
    good = is_settled(a) && !BN_cmp(n, wanted);
    expect(good, kind, at);
    BN_free(n);
    BN_free(wanted);
    return good;
}

static void elements(void) {
    int at;
    for (at = 0; at < ELEMENTS; at++) {
        element a, b, r;
        BIGNUM *x, *y, *n = BN_new();
        sum_of_settled(a);
        sum_of_settled(b);
        x = integer(a);
        y = integer(b);
        BN_sub(n, x, y);
        sub(r, a, b);
        equals(n, r, "a difference", at);
        n = BN_new();
        BN_mod_mul(n, x, y, prime, ctx);
        BN_mod_mul(n, n, radix_inverse, prime, ctx);
        mul(r, a, b);
        equals(n, r, "a product", at);
        BN_free(x);
        BN_free(y);
    }
    for (at = 0; at < 60; at++) { /* a / a is 1 */
        element a, r;
        settled(a);
        invert(r, a);
        mul(r, r, a);
        equals(integer(ONE), r, "an inverse", at);
    }
    {
        static const element zero = {0, 0, 0, 0, 0};
        element r;
        expect(is_zero(zero) && is_zero(P) && !is_zero(ONE), "zero", 0);
        for (at = 0; at < 5; at++) {
            memcpy(r, P, sizeof r);
            r[at] ^= 1;
            expect(!is_zero(r), "nearly p", at);
        }
        invert(r, zero);
        expect(is_zero(r) == 1, "the inverse of zero", 0);
    }
}

/* ---- multipliers and points, against BearSSL's ---- */

static const unsigned char *order;

static void multiplier(unsigned char *x, int at) { /* from 1 to the order less 1: those at an edge first, then any */
    static const unsigned char one[32] = {[31] = 1};
    BIGNUM *n = BN_new(), *max = BN_bin2bn(order, 32, NULL);
    BN_sub_word(max, 1);
    if (at < 256) { /* each power of two, and what is one less or more */
        BN_set_word(n, 1);
        BN_lshift(n, n, at);
        if (some(3) == 0) BN_sub_word(n, 1);
        else if (some(2)) BN_add_word(n, 1);
    } else if (at < 300) { /* the highest */
        BN_copy(n, max);
        BN_sub_word(n, (BN_ULONG)(at - 256));
    } else if (at < 340) /* the lowest */
        BN_set_word(n, (BN_ULONG)(at - 299));
    else { /* any; some with runs of the same digit */ unsigned char bytes[32];
        int i;
        br_hmac_drbg_generate(&chance, bytes, sizeof bytes);
        if (some(2))
            for (i = 0; i < 32; i++) bytes[i] = some(3) ? (unsigned char)(some(2) ? 0 : 0xff) : bytes[i];
        BN_bin2bn(bytes, 32, n);
    }
    if (BN_is_zero(n) || BN_cmp(n, max) > 0) memcpy(x, one, 32);
    else BN_bn2binpad(n, x, 32);
    BN_free(n);
    BN_free(max);
}

static void random_point(unsigned char *p) {
    unsigned char x[32];
    multiplier(x, 1000);
    theirs->mulgen(p, x, sizeof x, CURVE);
}

static void points(void) {
    int at;
    for (at = 0; at < POINTS; at++) {
        unsigned char x[32], y[32], a[POINT], b[POINT], r[POINT], s[POINT];
        size_t skip;
        multiplier(x, at);
        multiplier(y, (at * 7) % POINTS);
        expect(ours.mulgen(r, x, 32, CURVE) == POINT && theirs->mulgen(s, x, 32, CURVE) == POINT && !memcmp(r, s, POINT), "the generator's product", at);
        for (skip = 0; skip < 31 && !x[skip]; skip++) continue;
        expect(ours.mulgen(s, x + skip, 32 - skip, CURVE) == POINT && !memcmp(r, s, POINT), "the same without leading zeros", at);
        random_point(a);
        random_point(b);
        memcpy(r, a, POINT), memcpy(s, a, POINT);
        expect(ours.mul(r, POINT, x, 32, CURVE) == 1 && theirs->mul(s, POINT, x, 32, CURVE) == 1 && !memcmp(r, s, POINT), "a product", at);
        memcpy(r, a, POINT), memcpy(s, a, POINT);
        expect(ours.muladd(r, at % 2 ? b : NULL, POINT, x, 32, y, 32, CURVE) == 1 && theirs->muladd(s, at % 2 ? b : NULL, POINT, x, 32, y, 32, CURVE) == 1 && !memcmp(r, s, POINT),
               "two products", at);
        memcpy(r, a, POINT), memcpy(s, a, POINT);
        expect(ours.muladd(r, a, POINT, x, 32, x, 32, CURVE) == 1 && theirs->muladd(s, a, POINT, x, 32, x, 32, CURVE) == 1 && !memcmp(r, s, POINT), "twice the same", at);
    }
}

static void infinity(void) { /* what BearSSL leaves open is an error here, and a multiplier that is too large is taken modulo the order */
    unsigned char zero[40] = {0}, one[40] = {0}, more[32], less[32], g[POINT], r[POINT];
    one[39] = 1;
    memcpy(g, GENERATOR, POINT);
    memcpy(more, order, 32), more[31]++;
    memcpy(less, order, 32), less[31]--;
    memcpy(r, g, POINT);
    expect(!ours.mul(r, POINT, zero, 32, CURVE), "by zero", 0);
    memcpy(r, g, POINT);
    expect(!ours.mul(r, POINT, zero, 0, CURVE), "by nothing", 0);
    memcpy(r, g, POINT);
    expect(!ours.mul(r, POINT, order, 32, CURVE), "by the order", 0);
    memcpy(r, g, POINT);
    expect(ours.mul(r, POINT, more, 32, CURVE) && !memcmp(r, g, POINT), "by the order and one", 0);
    expect(ours.mulgen(r, one, 40, CURVE) == POINT && !memcmp(r, g, POINT), "leading zeros", 0);
    expect(ours.mulgen(r, more, 32, CURVE) == POINT && !memcmp(r, g, POINT), "the generator by the order and one", 0);
    memcpy(r, g, POINT);
    expect(!ours.muladd(r, NULL, POINT, one, 40, less, 32, CURVE), "a sum that is infinite", 0);
    memcpy(r, g, POINT);
    expect(!ours.muladd(r, g, POINT, less, 32, one, 40, CURVE), "a sum that is infinite, the other way", 0);
    memcpy(r, g, POINT);
    expect(ours.muladd(r, NULL, POINT, one, 40, order, 32, CURVE) == 1 && !memcmp(r, g, POINT), "a sum with infinity", 0);
    memcpy(r, g, POINT);
    expect(!ours.muladd(r, NULL, POINT, one, 40, zero, 40, CURVE), "a sum with zero times the other", 0);
    memcpy(r, g, POINT);
    expect(!ours.muladd(r, NULL, POINT, zero, 40, one, 40, CURVE), "a sum with zero times the one", 0);
}

/* BearSSL does not look whether r is 0; that no signature is good then is up to the curve. */
static void signatures(void) {
    int at;
    for (at = 0; at < 40; at++) {
        unsigned char x[32], q[POINT], hash[32], sign[64], zero[64] = {0};
        br_ec_private_key key;
        br_ec_public_key of;
        multiplier(x, 1000);
        br_hmac_drbg_generate(&chance, hash, sizeof hash);
        if (at % 4 == 0) memset(hash, 0, sizeof hash);
        theirs->mulgen(q, x, 32, CURVE);
        key.curve = of.curve = CURVE, key.x = x, key.xlen = 32, of.q = q, of.qlen = POINT;
        expect(br_ecdsa_i31_sign_raw(theirs, &br_sha256_vtable, hash, &key, sign) == 64, "a signature", at);
        if (at % 4) expect(br_ecdsa_i31_vrfy_raw(&ours, hash, 32, &of, sign, 64) == 1, "a good signature", at);
        sign[at] ^= 1;
        expect(!br_ecdsa_i31_vrfy_raw(&ours, hash, 32, &of, sign, 64), "a changed signature", at);
        expect(!br_ecdsa_i31_vrfy_raw(&ours, hash, 32, &of, zero, 64), "a signature of zeros", at);
        memset(sign, 0, 32);
        expect(!br_ecdsa_i31_vrfy_raw(&ours, hash, 32, &of, sign, 64), "a signature whose r is zero", at);
        zero[63] = 1;
        expect(!br_ecdsa_i31_vrfy_raw(&ours, hash, 32, &of, zero, 64), "a signature of zero and one", at);
    }
}

/* ---- what has to be refused ---- */

static int refused(const unsigned char *p, size_t len) {
    unsigned char one[1] = {1}, *copy = (unsigned char *)malloc(len ? len : 1), other[POINT];
    int good;
    if (!copy) exit(1);
    memcpy(copy, p, len);
    memcpy(other, GENERATOR, POINT);
    good = !ours.mul(copy, len, one, 1, CURVE);
    memcpy(copy, p, len);
    good = good && !ours.muladd(copy, NULL, len, one, 1, one, 1, CURVE);
    if (len == POINT) good = good && !ours.muladd(other, p, len, one, 1, one, 1, CURVE);
    free(copy);
    return good;
}

static void bad_points(void) {
    unsigned char p[POINT + 1] = {0}, q[POINT];
    EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    EC_POINT *low = EC_POINT_new(group);
    int at, found = 0;
    random_point(p);
    for (at = 0; at <= POINT + 1; at++)
        if (at != POINT) expect(refused(p, (size_t)at), "a length", at);
    for (at = 0; at < 256; at++) {
        memcpy(q, p, POINT);
        q[0] = (unsigned char)at;
        if (at != 4) expect(refused(q, POINT), "a form", at);
    }
    for (at = 8; at < 8 * POINT; at++) {
        memcpy(q, p, POINT);
        q[at / 8] = (unsigned char)(q[at / 8] ^ 1 << at % 8);
        expect(refused(q, POINT), "a bit", at);
    }
    memset(q + 1, 0, POINT - 1), q[0] = 4;
    expect(refused(q, POINT), "zeros", 0);
    for (at = 0; at < 64; at++) { /* of a low x: x + p is another spelling of it */
        BIGNUM *x = BN_new(), *y = BN_new();
        BN_set_word(x, (BN_ULONG)at);
        if (EC_POINT_set_compressed_coordinates(group, low, x, at & 1, ctx) == 1) {
            unsigned char one[1] = {1}, r[POINT];
            found++;
            EC_POINT_point2oct(group, low, POINT_CONVERSION_UNCOMPRESSED, q, POINT, ctx);
            memcpy(r, q, POINT);
            expect(ours.mul(r, POINT, one, 1, CURVE) == 1 && !memcmp(r, q, POINT), "a low x", at);
            BN_add(x, x, prime);
            BN_bn2binpad(x, q + 1, 32);
            expect(refused(q, POINT), "a coordinate that is p or more", at);
        }
        BN_free(x);
        BN_free(y);
    }
    expect(found > 10, "points of a low x", found);
    EC_POINT_free(low);
    EC_GROUP_free(group);
}

/* ---- against OpenSSL's ---- */

static void other_library(void) {
    EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    EC_POINT *p = EC_POINT_new(group), *q = EC_POINT_new(group);
    int at;
    for (at = 0; at < 150; at++) {
        unsigned char x[32], y[32], a[POINT], r[POINT];
        BIGNUM *n, *m;
        multiplier(x, at * 2), multiplier(y, 300 - at);
        n = BN_bin2bn(x, 32, NULL), m = BN_bin2bn(y, 32, NULL);
        random_point(a);
        EC_POINT_oct2point(group, p, a, POINT, ctx);
        EC_POINT_mul(group, q, m, p, n, ctx); /* m * the generator + n * p */
        EC_POINT_point2oct(group, q, POINT_CONVERSION_UNCOMPRESSED, r, POINT, ctx);
        expect(ours.muladd(a, NULL, POINT, x, 32, y, 32, CURVE) == 1 || EC_POINT_is_at_infinity(group, q), "it is a point", at);
        expect(!memcmp(a, r, POINT), "OpenSSL's sum of products", at);
        BN_free(n);
        BN_free(m);
    }
    EC_POINT_free(p);
    EC_POINT_free(q);
    EC_GROUP_free(group);
}

static void constants(void) {
    size_t n, m, k;
    const unsigned char *mine = ours.generator(CURVE, &n), *yours = theirs->generator(CURVE, &m);
    expect(ours.supported_curves == theirs->supported_curves, "the curves", 0);
    expect(n == m && !memcmp(mine, yours, n), "the generator", 0);
    mine = ours.order(CURVE, &n), yours = theirs->order(CURVE, &m);
    expect(n == m && !memcmp(mine, yours, n), "the order", 0);
    expect(ours.xoff(CURVE, &n) == theirs->xoff(CURVE, &m) && n == m, "where x is", 0);
    for (k = 0; k < 4; k++) {
        unsigned char x[32] = {0}, r[POINT], s[POINT];
        x[31 - 8 * k] = 1;
        write_point(r, &QUARTERS[k]);
        theirs->mulgen(s, x, 32, CURVE);
        expect(!memcmp(r, s, POINT), "a quarter", (int)k);
    }
}

#ifdef WATCHED
#include <valgrind/memcheck.h>
static int watched(void) { /* 0: it was watched, and the result hangs on the multiplier, as it should */
    unsigned char x[32], r[POINT], unknown[POINT] = {0};
    multiplier(x, 1000);
    memcpy(r, GENERATOR, POINT);
    VALGRIND_MAKE_MEM_UNDEFINED(x, sizeof x);
    ours.mul(r, POINT, x, sizeof x, CURVE);
    ours.mulgen(r, x, sizeof x, CURVE);
    return VALGRIND_GET_VBITS(r, unknown, POINT) != 1 || !unknown[POINT - 1];
}
#endif

int main(void) {
    size_t len;
    element radix = {1, 0, 0, 0, 0};
    br_hmac_drbg_init(&chance, &br_sha256_vtable, "p256", 4);
    ctx = BN_CTX_new();
    prime = integer(P);
    radix_inverse = integer(radix);
    BN_lshift(radix_inverse, radix_inverse, 280);
    BN_mod_inverse(radix_inverse, radix_inverse, prime, ctx);
    order = theirs->order(CURVE, &len);
#ifdef WATCHED
    return watched();
#endif
    constants();
    elements();
    points();
    infinity();
    signatures();
    bad_points();
    other_library();
    BN_free(prime);
    BN_free(radix_inverse);
    BN_CTX_free(ctx);
    return told();
}
#endif
