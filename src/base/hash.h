/* SHA-256 (FIPS 180-4), HMAC-SHA-256 (RFC 2104) and CRC-32 (IEEE 802.3): fed in pieces of any size, each in constant memory. */
#ifndef LLMFI_BASE_HASH_H
#define LLMFI_BASE_HASH_H
#include <stdint.h>
#include "str.h"

/* ---- SHA-256 ---- */

#define LLMFI_SHA256 32                      /* bytes of a digest */

/* Plain data: a copy goes on from where the original stood. */
typedef struct llmfi_sha256 {
    uint32_t h[8];
    uint64_t total;                          /* bytes so far; what does not fill a block waits in `block` */
    unsigned char block[64];
} llmfi_sha256;

static const uint32_t llmfi_sha256_round[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2
};

LLMFI_UNUSED static void llmfi_sha256_init(llmfi_sha256 *s) {
    static const uint32_t begin[8] = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 };
    memcpy(s->h, begin, sizeof begin);
    s->total = 0;
}

static uint32_t llmfi_rotate_right(uint32_t x, int n) {
    return x >> n | x << (32 - n);
}

LLMFI_UNUSED static uint32_t llmfi_load4_be(const void *at) {
    const unsigned char *p = (const unsigned char *)at;
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The next word of the schedule, of which the last sixteen are kept. */
static uint32_t llmfi_sha256_word(uint32_t w[16], int i) {
    uint32_t x = w[(i + 1) & 15], y = w[(i + 14) & 15];
    return w[i & 15] += (llmfi_rotate_right(x, 7) ^ llmfi_rotate_right(x, 18) ^ x >> 3) + w[(i + 9) & 15] +
                        (llmfi_rotate_right(y, 17) ^ llmfi_rotate_right(y, 19) ^ y >> 10);
}

static void llmfi_sha256_step(uint32_t a, uint32_t b, uint32_t c, uint32_t *d, uint32_t e, uint32_t f, uint32_t g, uint32_t *h, uint32_t in) {
    uint32_t t = *h + (llmfi_rotate_right(e, 6) ^ llmfi_rotate_right(e, 11) ^ llmfi_rotate_right(e, 25)) + ((e & f) ^ (~e & g)) + in;
    *d += t;
    *h = t + (llmfi_rotate_right(a, 2) ^ llmfi_rotate_right(a, 13) ^ llmfi_rotate_right(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
}

static void llmfi_sha256_block(llmfi_sha256 *s, const unsigned char *p) {
    uint32_t w[16], v[8];
    int i, k;
    memcpy(v, s->h, sizeof v);
    for (i = 0; i < 16; i++) w[i] = llmfi_load4_be(p + 4 * i);
    for (i = 0; i < 64; i += 8)
        for (k = 0; k < 8; k++) /* the eight change their places, not their values */
            llmfi_sha256_step(v[-k & 7], v[(1 - k) & 7], v[(2 - k) & 7], &v[(3 - k) & 7], v[(4 - k) & 7], v[(5 - k) & 7], v[(6 - k) & 7], &v[(7 - k) & 7],
                              llmfi_sha256_round[i + k] + (i < 16 ? w[i + k] : llmfi_sha256_word(w, i + k)));
    for (i = 0; i < 8; i++) s->h[i] += v[i];
}

LLMFI_UNUSED static void llmfi_sha256_add(llmfi_sha256 *s, const void *bytes, size_t len) {
    const unsigned char *p = (const unsigned char *)bytes;
    size_t have = (size_t)(s->total % 64);
    s->total += len;
    if (have) {
        size_t n = len < 64 - have ? len : 64 - have;
        if (n) memcpy(s->block + have, p, n);
        if (have + n < 64) return;
        llmfi_sha256_block(s, s->block);
        p += n;
        len -= n;
    }
    for (; len >= 64; p += 64, len -= 64) llmfi_sha256_block(s, p);
    if (len) memcpy(s->block, p, len);
}

/* The digest of all that was added; nothing may be added behind it. */
LLMFI_UNUSED static void llmfi_sha256_end(llmfi_sha256 *s, unsigned char digest[LLMFI_SHA256]) {
    static const unsigned char pad[64] = { 0x80 };
    uint64_t bits = s->total * 8;
    unsigned char length[8];
    int i;
    for (i = 0; i < 8; i++) length[i] = (unsigned char)(bits >> (56 - 8 * i));
    llmfi_sha256_add(s, pad, 1 + (size_t)((119 - s->total % 64) % 64));
    llmfi_sha256_add(s, length, sizeof length);
    for (i = 0; i < LLMFI_SHA256; i++) digest[i] = (unsigned char)(s->h[i / 4] >> (24 - 8 * (i % 4)));
}

/* The form of an llmfi_out's tap: user is the llmfi_sha256. */
LLMFI_UNUSED static void llmfi_sha256_of(llmf_str text, unsigned char digest[LLMFI_SHA256]) {
    llmfi_sha256 s;
    llmfi_sha256_init(&s);
    llmfi_sha256_add(&s, text.ptr, text.len);
    llmfi_sha256_end(&s, digest);
}

LLMFI_UNUSED static void llmfi_sha256_tap(void *user, const char *bytes, size_t len) {
    llmfi_sha256_add((llmfi_sha256 *)user, bytes, len);
}

/* `len` bytes as lower-case hexadecimal digits, two each; no NUL. */
LLMFI_UNUSED static void llmfi_hex_lower(char *to, const unsigned char *bytes, size_t len) {
    static const char digits[] = "0123456789abcdef";
    size_t i;
    for (i = 0; i < len; i++) {
        to[2 * i] = digits[bytes[i] >> 4];
        to[2 * i + 1] = digits[bytes[i] & 15];
    }
}

/* ---- HMAC-SHA-256 ---- */

typedef struct llmfi_hmac {
    llmfi_sha256 inner, outer;
} llmfi_hmac;

/* The key is `front` and `key` together. */
LLMFI_UNUSED static void llmfi_hmac_init(llmfi_hmac *m, llmf_str front, llmf_str key) {
    unsigned char block[64];
    int i;
    memset(block, 0, sizeof block);
    llmfi_sha256_init(&m->inner);
    if (front.len > sizeof block || key.len > sizeof block - front.len) {
        llmfi_sha256_add(&m->inner, front.ptr, front.len);
        llmfi_sha256_add(&m->inner, key.ptr, key.len);
        llmfi_sha256_end(&m->inner, block);
        llmfi_sha256_init(&m->inner);
    } else {
        if (front.len) memcpy(block, front.ptr, front.len);
        if (key.len) memcpy(block + front.len, key.ptr, key.len);
    }
    for (i = 0; i < 64; i++) block[i] ^= 0x36;
    llmfi_sha256_add(&m->inner, block, sizeof block);
    for (i = 0; i < 64; i++) block[i] ^= 0x36 ^ 0x5c;
    llmfi_sha256_init(&m->outer);
    llmfi_sha256_add(&m->outer, block, sizeof block);
    llmfi_wipe(llmfi_str((const char *)block, sizeof block));
}

LLMFI_UNUSED static void llmfi_hmac_add(llmfi_hmac *m, const void *bytes, size_t len) {
    llmfi_sha256_add(&m->inner, bytes, len);
}

LLMFI_UNUSED static void llmfi_hmac_end(llmfi_hmac *m, unsigned char mac[LLMFI_SHA256]) {
    llmfi_sha256_end(&m->inner, mac);
    llmfi_sha256_add(&m->outer, mac, LLMFI_SHA256);
    llmfi_sha256_end(&m->outer, mac);
}

/* ---- CRC-32 ---- */

/* A table of what a byte adds: the sum of what its bits do. Each of the eight arguments is one bit's, from the lowest. */
#define LLMFI_CRC_BIT(i, bit, value) ((i) >> (bit) & 1 ? (value) : 0u)
#define LLMFI_CRC_OF(i, a, b, c, d, e, f, g, h)                                                                                                       \
    (LLMFI_CRC_BIT(i, 0, a) ^ LLMFI_CRC_BIT(i, 1, b) ^ LLMFI_CRC_BIT(i, 2, c) ^ LLMFI_CRC_BIT(i, 3, d) ^ LLMFI_CRC_BIT(i, 4, e) ^ LLMFI_CRC_BIT(i, 5, f) ^ \
     LLMFI_CRC_BIT(i, 6, g) ^ LLMFI_CRC_BIT(i, 7, h))
#define LLMFI_CRC_4(i, ...) LLMFI_CRC_OF(i, __VA_ARGS__), LLMFI_CRC_OF((i) + 1, __VA_ARGS__), LLMFI_CRC_OF((i) + 2, __VA_ARGS__), LLMFI_CRC_OF((i) + 3, __VA_ARGS__)
#define LLMFI_CRC_16(i, ...) LLMFI_CRC_4(i, __VA_ARGS__), LLMFI_CRC_4((i) + 4, __VA_ARGS__), LLMFI_CRC_4((i) + 8, __VA_ARGS__), LLMFI_CRC_4((i) + 12, __VA_ARGS__)
#define LLMFI_CRC_64(i, ...) LLMFI_CRC_16(i, __VA_ARGS__), LLMFI_CRC_16((i) + 16, __VA_ARGS__), LLMFI_CRC_16((i) + 32, __VA_ARGS__), LLMFI_CRC_16((i) + 48, __VA_ARGS__)
#define LLMFI_CRC_256(...) LLMFI_CRC_64(0, __VA_ARGS__), LLMFI_CRC_64(64, __VA_ARGS__), LLMFI_CRC_64(128, __VA_ARGS__), LLMFI_CRC_64(192, __VA_ARGS__)

/* The first is of a byte alone, the others of one with 1, 2, 3 bytes behind it: four bytes are one step. */
static const uint32_t llmfi_crc32_table[LLMFI_SMALL ? 1 : 4][256] = {
    { LLMFI_CRC_256(0x77073096, 0xee0e612c, 0x076dc419, 0x0edb8832, 0x1db71064, 0x3b6e20c8, 0x76dc4190, 0xedb88320) },
#if !LLMFI_SMALL
    { LLMFI_CRC_256(0x191b3141, 0x32366282, 0x646cc504, 0xc8d98a08, 0x4ac21251, 0x958424a2, 0xf0794f05, 0x3b83984b) },
    { LLMFI_CRC_256(0x01c26a37, 0x0384d46e, 0x0709a8dc, 0x0e1351b8, 0x1c26a370, 0x384d46e0, 0x709a8dc0, 0xe1351b80) },
    { LLMFI_CRC_256(0xb8bc6765, 0xaa09c88b, 0x8f629757, 0xc5b428ef, 0x5019579f, 0xa032af3e, 0x9b14583d, 0xed59b63b) }
#endif
};

/* Goes on from `crc`, which is 0 at first. */
LLMFI_UNUSED static uint32_t llmfi_crc32(uint32_t crc, const void *bytes, size_t len) {
    const unsigned char *p = (const unsigned char *)bytes;
    crc = ~crc;
#if !LLMFI_SMALL
    for (; len >= 4; p += 4, len -= 4)
        crc = llmfi_crc32_table[3][(crc ^ p[0]) & 255] ^ llmfi_crc32_table[2][(crc >> 8 ^ p[1]) & 255] ^ llmfi_crc32_table[1][(crc >> 16 ^ p[2]) & 255] ^
              llmfi_crc32_table[0][crc >> 24 ^ p[3]];
#endif
    for (; len; p++, len--) crc = crc >> 8 ^ llmfi_crc32_table[0][(crc ^ *p) & 255];
    return ~crc;
}

#endif
