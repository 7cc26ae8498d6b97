/* Certificates looked into: the host's name, dates, and every way to be malformed. */
#define LLMF_WITH_BEARSSL 1
#include "../../src/net/sys.h"
#include "../../src/wire/der.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static llmf_str text(const char *s) {
    return llmfi_cstr(s);
}

static void names_and_hosts(void **state) {
    static const struct { const char *name, *host; bool match; } rows[] = {
        {"api.example.com", "api.example.com", true},
        {"API.Example.COM", "api.exaMple.com", true},
        {"api.example.com", "example.com", false},
        {"example.com", "api.example.com", false},
        {"*.example.com", "api.example.com", true},
        {"*.example.com", "xn--bcher-kva.example.com", true},
        {"*.example.com", "example.com", false},
        {"*.example.com", ".example.com", false},
        {"*.example.com", "a.b.example.com", false},
        {"*.com", "example.com", false},
        {"*.com.", "example.com", false},
        {"*..com", "a..com", false},
        {"*", "com", false},
        {"*.", "com.", false},
        {"a*.example.com", "api.example.com", false},
        {"*a.example.com", "a.example.com", false},
        {"api.*.com", "api.example.com", false},
        {"*.*.com", "api.example.com", false},
        {"*.example.com.", "api.example.com", false},
        {"", "", false},
        {"*.co.uk", "example.co.uk", true}, /* two labels: the list of public suffixes is not asked */
    };
    size_t i;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(rows); i++)
        if (llmfi_host_matches(text(rows[i].name), text(rows[i].host)) != rows[i].match) fail_msg("\"%s\" for \"%s\"", rows[i].name, rows[i].host);
    assert_false(llmfi_host_matches(LLMFI_LIT("good.test\0.evil.test"), text("good.test")));
    assert_false(llmfi_host_matches(LLMFI_LIT("good.test\0"), text("good.test")));
}

static void hosts_that_are_numbers(void **state) {
    (void)state;
    assert_true(llmfi_host_is_number(text("127.0.0.1")));
    assert_true(llmfi_host_is_number(text("127.1")));
    assert_true(llmfi_host_is_number(text("0x7f000001")));
    assert_true(llmfi_host_is_number(text("example.0x1")));
    assert_false(llmfi_host_is_number(text("127.example")));
    assert_false(llmfi_host_is_number(text("1password.com")));
    assert_false(llmfi_host_is_number(text("")));
}

static void times(void **state) {
    static const struct { int tag; const char *text; int64_t seconds; } rows[] = {
        {LLMFI_DER_UTC, "700101000000Z", 0}, {LLMFI_DER_UTC, "491231235959Z", INT64_C(2524607999)}, {LLMFI_DER_UTC, "500101000000Z", INT64_C(-631152000)},
        {LLMFI_DER_UTC, "240229120000Z", INT64_C(1709208000)}, {LLMFI_DER_TIME, "20240301000000Z", INT64_C(1709251200)}, {LLMFI_DER_TIME, "20500101000000Z", INT64_C(2524608000)},
        {LLMFI_DER_TIME, "00010101000000Z", INT64_C(-62135596800)}, {LLMFI_DER_TIME, "99991231235959Z", INT64_C(253402300799)},
    };
    static const char *const bad[] = {"", "700101000000", "700101000000+", "701301000000Z", "700001000000Z", "700132000000Z", "700100000000Z", "700101240000Z", "700101006000Z",
                                      "700101000061Z", "7001010000Z", "7x0101000000Z", "700101000000ZZ", "19700101000000Z"};
    int64_t got;
    size_t i;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(rows); i++) {
        assert_true(llmfi_der_time(rows[i].tag, text(rows[i].text), &got));
        if (got != rows[i].seconds) fail_msg("%s: %lld", rows[i].text, (long long)got);
    }
    for (i = 0; i < LLMFI_COUNT(bad); i++)
        if (llmfi_der_time(LLMFI_DER_UTC, text(bad[i]), &got)) fail_msg("\"%s\" was taken for a time", bad[i]);
}

static void lengths(void **state) {
    static const struct { const char *bytes; size_t len; int tag; size_t value; } rows[] = {
        {"\x04\x00", 2, 4, 0}, {"\x04\x01x", 3, 4, 1}, {"\x04\x02x", 3, 0, 0}, {"\x04", 1, 0, 0}, {"\x04\x80", 2, 0, 0} /* indefinite */, {"\x04\x81\x01x", 4, 0, 0} /* not the shortest */,
        {"\x04\x81\x7f", 3, 0, 0}, {"\x04\x82\x00\x80", 4, 0, 0}, {"\x04\x84\x00\x00\x00\x01x", 7, 0, 0}, {"\x04\xff", 2, 0, 0}, {"\x1f\x01x", 3, 0, 0} /* a long tag */, {"", 0, 0, 0}};
    char big[400];
    llmf_str in, value, whole;
    size_t i;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(rows); i++) {
        in = llmfi_str(rows[i].bytes, rows[i].len);
        if (llmfi_der_next(&in, &value, &whole) != rows[i].tag) fail_msg("row %zu", i);
        if (rows[i].tag) assert_int_equal(value.len, rows[i].value);
    }
    memset(big, 0, sizeof big);
    memcpy(big, "\x04\x82\x01\x00", 4);
    in = llmfi_str(big, 260);
    assert_int_equal(llmfi_der_next(&in, &value, &whole), 4);
    assert_int_equal(value.len, 256);
    assert_int_equal(whole.len, 260);
    assert_int_equal(in.len, 0);
    in = llmfi_str(big, 259);
    assert_int_equal(llmfi_der_next(&in, &value, &whole), 0);
}

/* A certificate of its own making: P-256, names api.example.com, *.example.org and 127.0.0.1. */
static size_t certificate(unsigned char *to, size_t cap) {
    FILE *p = popen("d=$(mktemp -d) && cd $d && openssl ecparam -name prime256v1 -genkey -noout -out k 2>/dev/null && "
                    "openssl req -x509 -new -key k -sha256 -days 2 -subj /O=x/CN=y -addext subjectAltName=DNS:api.example.com,DNS:*.example.org,IP:127.0.0.1,IP:::1 "
                    "-addext extendedKeyUsage=clientAuth,serverAuth -addext basicConstraints=critical,CA:TRUE -outform DER 2>/dev/null; rm -rf $d", "r");
    size_t n = p ? fread(to, 1, cap, p) : 0;
    if (p) pclose(p);
    return n;
}

static unsigned char der[4096];
static size_t der_len;

static void a_certificate(void **state) {
    static const unsigned char ip4[] = {127, 0, 0, 1}, ip6[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, other[] = {127, 0, 0, 2};
    llmfi_cert c;
    (void)state;
    assert_true(llmfi_cert_read(llmfi_str((char *)der, der_len), &c));
    assert_true(llmfi_eq(c.issuer, c.subject));
    assert_true(c.ca && !c.constrained && c.key.len == 65 && llmfi_cert_serves(&c));
    assert_int_equal(c.ends - c.begins, 2 * 86400);
    assert_true(llmfi_cert_is_of(&c, text("api.example.com"), text("")));
    assert_true(llmfi_cert_is_of(&c, text("x.example.org"), text("")));
    assert_false(llmfi_cert_is_of(&c, text("example.org"), text("")));
    assert_false(llmfi_cert_is_of(&c, text("y"), text(""))); /* the common name says nothing */
    assert_true(llmfi_cert_is_of(&c, text("127.0.0.1"), llmfi_str((const char *)ip4, 4)));
    assert_true(llmfi_cert_is_of(&c, text("::1"), llmfi_str((const char *)ip6, 16)));
    assert_false(llmfi_cert_is_of(&c, text("127.0.0.2"), llmfi_str((const char *)other, 4)));
    assert_false(llmfi_cert_is_of(&c, text("127.0.0.1"), text("")));
}

/* Each prefix, and each byte changed in each bit, in a piece of memory that ends there. */
static void a_broken_certificate(void **state) {
    size_t i, taken = 0;
    int bit;
    llmfi_cert c;
    (void)state;
    for (i = 0; i < der_len; i++) {
        char *copy = (char *)malloc(i ? i : 1);
        memcpy(copy, der, i);
        assert_false(llmfi_cert_read(llmfi_str(copy, i), &c));
        free(copy);
    }
    for (i = 0; i < der_len; i++)
        for (bit = 0; bit < 8; bit++) {
            char *copy = (char *)malloc(der_len);
            memcpy(copy, der, der_len);
            copy[i] = (char)(copy[i] ^ (1 << bit));
            if (llmfi_cert_read(llmfi_str(copy, der_len), &c)) {
                taken++;
                (void)llmfi_cert_is_of(&c, text("api.example.com"), text(""));
                (void)llmfi_cert_serves(&c);
            }
            free(copy);
        }
    assert_true(taken > 0 && taken < 8 * der_len); /* a changed key or signature is still a certificate to this reader */
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(names_and_hosts), cmocka_unit_test(hosts_that_are_numbers), cmocka_unit_test(times), cmocka_unit_test(lengths),
                                       cmocka_unit_test(a_certificate), cmocka_unit_test(a_broken_certificate)};
    der_len = certificate(der, sizeof der);
    if (!der_len) {
        puts("no certificate: is openssl there?");
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
