/* Roots out of PEM text, and those built in against the system's bundle. */
#define LLMF_WITH_BEARSSL 1
#define LLMF_WITH_ROOTS 1
#include "../../src/net/anchors.h"
#include "../../src/net/roots.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define BUNDLE "/etc/ssl/certs/ca-certificates.crt"
enum { BLOCK = 1 << 20, NOW = 1785000000 };

static char block[BLOCK];
static llmfi_heap heap;

static void fresh(llmfi_anchors *a) {
    llmfi_heap_init(&heap, block, sizeof block);
    llmfi_anchors_init(a, &heap, NOW);
}

static const br_x509_trust_anchor *list(const llmfi_anchors *a) {
    return (const br_x509_trust_anchor *)(const void *)a->list.ptr;
}

static bool same(const unsigned char *a, size_t a_len, const unsigned char *b, size_t b_len) {
    return a_len == b_len && !memcmp(a, b, a_len);
}

/* Each one built in that the bundle has too has the same key there; a bundle may have dropped some. */
static void built_in(void **state) {
    static char room[4096];
    llmfi_anchors a;
    const unsigned char *at = llmfi_root_bytes;
    size_t i, k, found = 0;
    (void)state;
    if (access(BUNDLE, R_OK)) skip();
    fresh(&a);
    assert_true(llmfi_anchors_file(&a, BUNDLE, room, sizeof room));
    assert_false(a.no_memory);
    assert_true(llmfi_anchors_count(&a) > 100);
    assert_true(heap.used < 100000);
    for (i = 0; i < LLMFI_COUNT(llmfi_roots); i++) {
        const unsigned char *key = at + llmfi_roots[i].name;
        for (k = 0; k < llmfi_anchors_count(&a); k++) {
            const br_x509_trust_anchor *t = &list(&a)[k];
            if (!same(t->dn.data, t->dn.len, at, llmfi_roots[i].name)) continue;
            if (!(llmfi_roots[i].curve ? t->pkey.key_type == BR_KEYTYPE_EC && t->pkey.key.ec.curve == llmfi_roots[i].curve && same(t->pkey.key.ec.q, t->pkey.key.ec.qlen, key, llmfi_roots[i].key)
                                       : t->pkey.key_type == BR_KEYTYPE_RSA && same(t->pkey.key.rsa.n, t->pkey.key.rsa.nlen, key, llmfi_roots[i].key) &&
                                             same(t->pkey.key.rsa.e, t->pkey.key.rsa.elen, (const unsigned char *)"\1\0\1", 3)))
                fail_msg("root %zu has another key in the bundle", i);
            assert_int_equal(t->flags, BR_X509_TA_CA);
            found++;
        }
        at = key + llmfi_roots[i].key;
    }
    assert_true(found >= LLMFI_COUNT(llmfi_roots) / 2);
    assert_ptr_equal(at, llmfi_root_bytes + sizeof llmfi_root_bytes);
    llmfi_anchors_free(&a);
    assert_int_equal(heap.used, 0);
}

/* A certificate by openssl: `how` are its options. */
static size_t pem_of(char *to, size_t cap, const char *key, const char *how) {
    char command[512];
    FILE *p;
    size_t n;
    snprintf(command, sizeof command, "d=$(mktemp -d) && cd $d && openssl genpkey %s -out k 2>/dev/null && openssl req -x509 -new -key k %s -subj /O=x/CN=y 2>/dev/null; rm -rf $d", key, how);
    p = popen(command, "r");
    n = p ? fread(to, 1, cap - 1, p) : 0;
    if (p) pclose(p);
    to[n] = '\0';
    return n;
}

static size_t count_of(const char *text, size_t len, size_t piece) {
    llmfi_anchors a;
    size_t at, n;
    fresh(&a);
    for (at = 0; at < len; at += piece) llmfi_anchors_feed(&a, text + at, len - at < piece ? len - at : piece);
    llmfi_anchors_feed(&a, "\n", 1);
    assert_false(a.no_memory);
    n = llmfi_anchors_count(&a);
    llmfi_anchors_free(&a);
    assert_int_equal(heap.used, 0);
    return n;
}

static void which_are_taken(void **state) {
    static const struct { const char *key, *how; size_t taken; } rows[] = {
        {"-algorithm RSA -pkeyopt rsa_keygen_bits:2048", "-days 9999", 1}, {"-algorithm RSA -pkeyopt rsa_keygen_bits:1024", "-days 9999", 0},
        {"-algorithm EC -pkeyopt ec_paramgen_curve:P-256", "-days 9999", 1}, {"-algorithm EC -pkeyopt ec_paramgen_curve:P-384", "-days 9999", 1},
        {"-algorithm EC -pkeyopt ec_paramgen_curve:secp256k1", "-days 9999", 0}, {"-algorithm ED25519", "-days 9999", 0},
    };
    char text[8192];
    size_t i;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(rows); i++) {
        size_t n = pem_of(text, sizeof text, rows[i].key, rows[i].how);
        assert_true(n > 100);
        if (count_of(text, n, n) != rows[i].taken) fail_msg("%s", rows[i].key);
    }
}

static void pieces_and_rubbish(void **state) {
    char text[8192], crlf[16384];
    size_t n = pem_of(text, sizeof text, "-algorithm EC -pkeyopt ec_paramgen_curve:P-256", "-days 9999"), i, k = 0;
    (void)state;
    assert_true(n > 100);
    for (i = 1; i < n; i += 7) assert_int_equal(count_of(text, n, i), 1);
    for (i = 0; i + 2 < n; i++) assert_int_equal(count_of(text, i, i ? i : 1), i + 1 >= n - 1); /* without its last line there is none */
    for (i = 0; i < n; i++) {
        if (text[i] == '\n') crlf[k++] = '\r';
        crlf[k++] = text[i];
    }
    assert_int_equal(count_of(crlf, k, 100), 1);
    assert_int_equal(count_of("-----END CERTIFICATE-----\n-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", 80, 80), 0);
    memset(text + 40, 'A', 2000); /* a line that is none */
    assert_int_equal(count_of(text, 2100, 50), 0);
}

/* A heap of every size: no memory is said, not passed over. */
static void too_little_memory(void **state) {
    static char room[4096];
    llmfi_anchors a;
    size_t size;
    (void)state;
    if (access(BUNDLE, R_OK)) skip();
    for (size = 256; size < 90000; size += size / 4) {
        llmfi_heap_init(&heap, block, size);
        llmfi_anchors_init(&a, &heap, NOW);
        (void)llmfi_anchors_file(&a, BUNDLE, room, sizeof room);
        assert_true(a.no_memory);
        llmfi_anchors_free(&a);
        assert_int_equal(heap.used, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(built_in), cmocka_unit_test(which_are_taken), cmocka_unit_test(pieces_and_rubbish), cmocka_unit_test(too_little_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
