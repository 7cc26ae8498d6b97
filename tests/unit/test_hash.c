#include "corpus.h"
#include "../../src/base/hash.h"

static void hex_is(const unsigned char digest[LLMFI_SHA256], const char *expected) {
    char hex[2 * LLMFI_SHA256 + 1];
    llmfi_hex_lower(hex, digest, LLMFI_SHA256);
    hex[2 * LLMFI_SHA256] = '\0';
    assert_string_equal(hex, expected);
}

/* FIPS 180-4 examples, and NIST's long message. */
static void test_sha256(void **state) {
    static const struct {
        const char *text, *digest;
    } cases[] = {
        { "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
        { "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
        { "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
        { "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
          "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1" },
    };
    unsigned char digest[LLMFI_SHA256];
    llmfi_sha256 s;
    size_t i;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(cases); i++) {
        llmfi_sha256_init(&s);
        llmfi_sha256_add(&s, cases[i].text, strlen(cases[i].text));
        llmfi_sha256_end(&s, digest);
        hex_is(digest, cases[i].digest);
    }
    llmfi_sha256_init(&s);
    for (i = 0; i < 1000000; i++) llmfi_sha256_add(&s, "a", 1);
    llmfi_sha256_end(&s, digest);
    hex_is(digest, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

/* Every length around the ends of a block, in every two pieces and byte by byte. */
static void test_sha256_pieces(void **state) {
    unsigned char text[200], whole[LLMFI_SHA256], parts[LLMFI_SHA256];
    size_t len, cut;
    (void)state;
    for (len = 0; len < sizeof text; len++) text[len] = (unsigned char)(len * 7 + 1);
    for (len = 0; len <= sizeof text; len++) {
        llmfi_sha256 s, copy;
        llmfi_sha256_init(&s);
        llmfi_sha256_add(&s, text, len);
        llmfi_sha256_end(&s, whole);
        for (cut = 0; cut <= len; cut++) {
            llmfi_sha256_init(&s);
            llmfi_sha256_add(&s, text, cut);
            copy = s;
            llmfi_sha256_add(&copy, text + cut, len - cut);
            llmfi_sha256_end(&copy, parts);
            assert_memory_equal(whole, parts, sizeof whole);
        }
        llmfi_sha256_init(&s);
        for (cut = 0; cut < len; cut++) llmfi_sha256_add(&s, text + cut, 1);
        llmfi_sha256_end(&s, parts);
        assert_memory_equal(whole, parts, sizeof whole);
    }
}

/* RFC 4231: keys shorter and longer than a block. */
static void test_hmac(void **state) {
    static const struct {
        int fill, count;
        const char *key, *text, *mac;
    } cases[] = {
        { 0x0b, 20, NULL, "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },
        { 0, 0, "Jefe", "what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
        { 0xaa, 131, NULL, "Test Using Larger Than Block-Size Key - Hash Key First", "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54" },
        { 0xaa, 131, NULL,
          "This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm.",
          "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2" },
    };
    char key[200];
    size_t i, cut;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(cases); i++) {
        size_t len = cases[i].key ? strlen(cases[i].key) : (size_t)cases[i].count;
        if (cases[i].key) memcpy(key, cases[i].key, len);
        else memset(key, cases[i].fill, len);
        for (cut = 0; cut <= len; cut++) {
            unsigned char mac[LLMFI_SHA256];
            llmfi_hmac m;
            llmfi_hmac_init(&m, llmfi_str(key, cut), llmfi_str(key + cut, len - cut));
            llmfi_hmac_add(&m, cases[i].text, strlen(cases[i].text));
            llmfi_hmac_end(&m, mac);
            hex_is(mac, cases[i].mac);
        }
    }
}

/* Byte by byte and bit by bit, as the polynomial says. */
static uint32_t slow_crc(const unsigned char *p, size_t len) {
    uint32_t crc = 0xffffffff;
    int bit;
    while (len--) {
        crc ^= *p++;
        for (bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

static void test_crc32(void **state) {
    unsigned char text[300];
    size_t len, cut;
    (void)state;
    assert_int_equal(llmfi_crc32(0, "123456789", 9), 0xcbf43926);
    assert_int_equal(llmfi_crc32(0, "", 0), 0);
    for (len = 0; len < sizeof text; len++) text[len] = (unsigned char)(len ^ len >> 3);
    for (len = 0; len <= sizeof text; len++) assert_int_equal(llmfi_crc32(0, text, len), slow_crc(text, len));
    for (cut = 0; cut <= sizeof text; cut++)
        assert_int_equal(llmfi_crc32(llmfi_crc32(0, text, cut), text + cut, sizeof text - cut), slow_crc(text, sizeof text));
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_sha256), cmocka_unit_test(test_sha256_pieces), cmocka_unit_test(test_hmac), cmocka_unit_test(test_crc32) };
    return cmocka_run_group_tests_name("hash", tests, NULL, NULL);
}
