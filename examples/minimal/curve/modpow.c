/* BearSSL 0.6 checks a signature of ECDSA with a power that it computes bit by bit, in words of 31 bits. For RSA it has one with windows, in words of 62 where the
   machine is of 64: that one is here put in the place of the other, which stays for what is too short for it or longer than any curve's order. */
#include "inner.h"

#define br_i31_modpow br_i31_modpow_by_bits
#include "int/i31_modpow.c"
#undef br_i31_modpow

/* BearSSL's own promises hold (inner.h): x^e modulo m, odd, into x; t1 and t2 are room for a number each. */
void br_i31_modpow(uint32_t *x, const unsigned char *e, size_t elen, const uint32_t *m, uint32_t m0i, uint32_t *t1, uint32_t *t2) {
    enum { LONGEST = 9, WINDOW = 4 }; /* words of 62 bits: 521 and less; bits */
    uint64_t room[LONGEST * (2 + 1 + (1 << WINDOW))];
    const size_t words = (m[0] + 31) >> 5; /* of 31 bits */
    if (words < 4 || (words + 1) / 2 > LONGEST) br_i31_modpow_by_bits(x, e, elen, m, m0i, t1, t2);
    else br_i62_modpow_opt(x, e, elen, m, m0i, room, sizeof room / sizeof room[0]);
}
