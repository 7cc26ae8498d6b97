/* The powers of examples/minimal against OpenSSL's: moduli of each length, numbers and exponents at their edges. For the sanitizers. */
#include "../../examples/minimal/curve/modpow.c"
#include "expect.h"
#include <openssl/bn.h>

enum { BYTES = 80, WORDS = BYTES * 8 / 31 + 3 };
/* x^e modulo m by both; each x is below m. */
static void compare(const BIGNUM *x, const unsigned char *e, size_t e_len, const BIGNUM *m, BN_CTX *ctx) {
    unsigned char bytes[BYTES], ours[BYTES], theirs[BYTES];
    uint32_t number[WORDS] = {0}, modulus[WORDS] = {0}, t1[WORDS], t2[WORDS], guard = 0x5AFE5AFE;
    BIGNUM *power = BN_bin2bn(e, (int)e_len, NULL), *r = BN_new();
    BN_mod_exp(r, x, power, m, ctx);
    BN_bn2binpad(r, theirs, BYTES);
    BN_bn2binpad(m, bytes, BYTES);
    br_i31_decode(modulus, bytes, BYTES);
    BN_bn2binpad(x, bytes, BYTES);
    br_i31_decode_mod(number, bytes, BYTES, modulus);
    number[WORDS - 1] = guard;
    br_i31_modpow(number, e, e_len, modulus, br_i31_ninv31(modulus[1]), t1, t2);
    br_i31_encode(ours, BYTES, number);
    expect(!memcmp(ours, theirs, BYTES) && number[0] == modulus[0], "a power of so many bits", BN_num_bits(m));
    expect(number[WORDS - 1] == guard, "nothing behind a power of so many bits", BN_num_bits(m));
    BN_free(power);
    BN_free(r);
}

int main(void) {
    static const unsigned char exponents[][4] = {{0, 0, 0, 0}, {0, 0, 0, 1}, {0, 0, 0, 2}, {0xff, 0xff, 0xff, 0xff}, {0x80, 0, 0, 0}, {0x0f, 0xf0, 0, 0x10}};
    br_hmac_drbg_context chance;
    BN_CTX *ctx = BN_CTX_new();
    int bits;
    size_t k;
    br_hmac_drbg_init(&chance, &br_sha256_vtable, "modpow", 6);
    for (bits = 33; bits <= 600; bits++) {
        unsigned char bytes[BYTES], e[BYTES];
        BIGNUM *m, *x;
        br_hmac_drbg_generate(&chance, bytes, sizeof bytes);
        m = BN_bin2bn(bytes, BYTES, NULL);
        BN_mask_bits(m, bits);
        BN_set_bit(m, bits - 1);
        BN_set_bit(m, 0);
        br_hmac_drbg_generate(&chance, bytes, sizeof bytes);
        br_hmac_drbg_generate(&chance, e, sizeof e);
        x = BN_bin2bn(bytes, BYTES, NULL);
        BN_nnmod(x, x, m, ctx);
        for (k = 0; k < sizeof exponents / sizeof exponents[0]; k++) compare(x, exponents[k], 4, m, ctx);
        compare(x, e, (size_t)bits / 8, m, ctx);
        compare(x, e, 0, m, ctx);
        BN_zero(x);
        compare(x, e, 9, m, ctx);
        BN_set_word(x, 1);
        compare(x, e, 9, m, ctx);
        BN_copy(x, m);
        BN_sub_word(x, 1);
        compare(x, e, 9, m, ctx);
        BN_free(m);
        BN_free(x);
    }
    BN_CTX_free(ctx);
    return told();
}
