#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "../../src/wire/url.h"

static char block[1 << 16];
static llmfi_heap heap;

static void same(llmf_str got, const char *expected) {
    if (llmfi_eq(got, llmfi_cstr(expected))) return;
    print_error("expected <%s>, got <%.*s>\n", expected, (int)got.len, got.ptr);
    fail();
}

static const struct {
    const char *url, *scheme, *authority, *host, *path, *query, *target;
    uint16_t port;
    bool ipv6;
} good[] = {
    {"https://api.openai.com/v1", "https", "api.openai.com", "api.openai.com", "/v1", "", "/v1", 443, false},
    {"http://localhost", "http", "localhost", "localhost", "", "", "", 80, false},
    {"HTTP://Local_Host-1.x~:8080/", "HTTP", "Local_Host-1.x~:8080", "Local_Host-1.x~", "/", "", "/", 8080, false},
    {"https://a:1/b/c?d=e?f&g=/h", "https", "a:1", "a", "/b/c", "d=e?f&g=/h", "/b/c?d=e?f&g=/h", 1, false},
    {"https://a?x", "https", "a", "a", "", "x", "?x", 443, false},
    {"https://a/?", "https", "a", "a", "/", "", "/?", 443, false},
    {"http://[::1]:11434/api", "http", "[::1]:11434", "::1", "/api", "", "/api", 11434, true},
    {"https://[2001:db8::ff:192.0.2.1]", "https", "[2001:db8::ff:192.0.2.1]", "2001:db8::ff:192.0.2.1", "", "", "", 443, true},
    {"http://127.0.0.1:65535/x@y:z", "http", "127.0.0.1:65535", "127.0.0.1", "/x@y:z", "", "/x@y:z", 65535, false},
    {"s3://bucket/a%20key", "s3", "bucket", "bucket", "/a%20key", "", "/a%20key", 0, false},
    {"a+b-c.1://h:007", "a+b-c.1", "h:007", "h", "", "", "", 7, false},
};

static const struct {
    const char *url;
    size_t offset;
} bad[] = {
    {"", 0}, {"api.openai.com/v1", 0}, {"://host", 0}, {"1http://h", 0}, {"https:/h", 0}, {"https:h", 0}, {"+a://h", 0},
    {"https://", 8}, {"https:///v1", 8}, {"https://?x", 8}, {"https://:80", 8},
    {"https://a b/", 9}, {"https://a/ ", 10}, {" https://a", 0}, {"https://a/\r\nX: 1", 10}, {"https://a/\x7F", 10}, {"https://a/\xC3\xA4", 10},
    {"https://user@h/", 8}, {"https://user:secret@h/", 8}, {"https://@h/", 8},
    {"https://h/#top", 10}, {"https://h#top", 9},
    {"https://h:", 10}, {"https://h:0", 10}, {"https://h:65536", 10}, {"https://h:99999999999999", 10}, {"https://h:8a", 10}, {"https://h:-1", 10}, {"https://h:80:80", 10},
    {"https://h\\x/", 9}, {"https://h%41/", 9}, {"https://h!/", 9}, {"https://[::1", 12}, {"https://[::1]x", 13}, {"https://[::1]8", 13},
    {"https://[]", 9}, {"https://[:]", 10}, {"https://[abcd]", 9}, {"https://[::g]", 11}, {"https://[::1%25eth0]", 12}, {"https://h]", 9},
};

static void test_parse(void **state) {
    size_t i;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(good); i++) {
        llmfi_url u;
        llmfi_url_error e = {NULL, 0};
        if (!llmfi_url_parse(llmfi_cstr(good[i].url), &u, &e)) print_error("%s: %s\n", good[i].url, e.what);
        assert_null(e.what);
        same(u.scheme, good[i].scheme);
        same(u.authority, good[i].authority);
        same(u.host, good[i].host);
        same(u.path, good[i].path);
        same(u.query, good[i].query);
        same(u.target, good[i].target);
        assert_int_equal(u.port, good[i].port);
        assert_int_equal(u.ipv6, good[i].ipv6);
    }
}

static void test_parse_refuses(void **state) {
    size_t i;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(bad); i++) {
        llmfi_url u;
        llmfi_url_error e = {NULL, 0};
        bool taken = llmfi_url_parse(llmfi_cstr(bad[i].url), &u, &e);
        if (taken || e.offset != bad[i].offset) print_error("%s: taken %d, %s at %zu\n", bad[i].url, taken, e.what ? e.what : "", e.offset);
        assert_false(taken);
        assert_non_null(e.what);
        assert_int_equal(e.offset, bad[i].offset);
        assert_null(strstr(e.what, "secret"));
    }
}

static void test_long_hosts(void **state) {
    char text[400];
    size_t n;
    (void)state;
    for (n = 252; n <= 254; n++) {
        llmfi_url u;
        llmfi_url_error e = {NULL, 0};
        memcpy(text, "http://", 7);
        memset(text + 7, 'h', n);
        assert_int_equal(llmfi_url_parse(llmfi_str(text, 7 + n), &u, &e), n <= 253);
        assert_int_equal(e.offset, n <= 253 ? 0 : 7 + 253);
    }
    for (n = 44; n <= 46; n++) {
        llmfi_url u;
        llmfi_url_error e = {NULL, 0};
        memcpy(text, "http://[", 8);
        memset(text + 8, ':', n);
        text[8 + n] = ']';
        assert_int_equal(llmfi_url_parse(llmfi_str(text, 9 + n), &u, &e), n <= 45);
    }
}

/* The parser never looks behind the text's end: every prefix, in an allocation of its own size. */
static void test_prefixes(void **state) {
    static const char text[] = "https://[2001:db8::1]:8443/v1/x?y=z";
    size_t n;
    (void)state;
    for (n = 0; n < sizeof text; n++) {
        llmfi_url u;
        llmfi_url_error e = {NULL, 0};
        char *copy = (char *)malloc(n ? n : 1);
        bool ok;
        assert_non_null(copy);
        memcpy(copy, text, n);
        ok = llmfi_url_parse(llmfi_str(copy, n), &u, &e);
        assert_int_equal(ok, n == 21 || n >= 23);
        if (!ok) assert_true(e.what && e.offset <= n);
        free(copy);
    }
}

static bool origins_equal(const char *a, const char *b) {
    llmfi_url x, y;
    llmfi_url_error e;
    assert_true(llmfi_url_parse(llmfi_cstr(a), &x, &e));
    assert_true(llmfi_url_parse(llmfi_cstr(b), &y, &e));
    return llmfi_url_same_origin(&x, &y);
}

static void test_origin(void **state) {
    (void)state;
    assert_true(origins_equal("https://Api.Test/a", "HTTPS://api.test:443/b?c"));
    assert_true(origins_equal("http://[::A]", "http://[::a]:80/"));
    assert_false(origins_equal("https://api.test", "http://api.test"));
    assert_false(origins_equal("https://api.test:443", "http://api.test:443"));
    assert_false(origins_equal("https://api.test", "https://api.test:8443"));
    assert_false(origins_equal("https://api.test", "https://api.test.evil"));
    assert_false(origins_equal("https://api.test", "https://xapi.test"));
    assert_false(origins_equal("https://[a::]", "https://a"));
}

static void test_encode(void **state) {
    static const char *const rows[][2] = {
        {"", ""}, {"gpt-4o_x.y~z", "gpt-4o_x.y~z"}, {"a b/c", "a%20b%2Fc"}, {"anthropic.claude-v2:1", "anthropic.claude-v2%3A1"},
        {"\xC3\xA4%+?#&=", "%C3%A4%25%2B%3F%23%26%3D"}, {"..", ".."}, {"\x7F\x01", "%7F%01"},
    };
    llmfi_buf out;
    size_t i;
    (void)state;
    llmfi_heap_init(&heap, block, sizeof block);
    llmfi_buf_init(&out, &heap, 0);
    for (i = 0; i < LLMFI_COUNT(rows); i++) {
        out.len = 0;
        assert_true(llmfi_buf_add(&out, "/", 1));
        assert_true(llmfi_url_encode(&out, llmfi_cstr(rows[i][0])));
        same(llmfi_from(llmfi_buf_str(&out), 1), rows[i][1]);
    }
    out.len = 0;
    assert_true(llmfi_url_encode(&out, llmfi_str("\0", 1)));
    same(llmfi_buf_str(&out), "%00");
    out.len = 0;
    assert_true(llmfi_url_segment(&out, LLMFI_LIT("../x")));
    same(llmfi_buf_str(&out), "..%2Fx");
    assert_false(llmfi_url_segment(&out, LLMFI_LIT("..")));
    assert_false(llmfi_url_segment(&out, LLMFI_LIT(".")));
    assert_false(llmfi_url_segment(&out, LLMFI_LIT("")));
    assert_true(llmfi_url_segment(&out, LLMFI_LIT("...")));
    assert_true(llmfi_url_segment(&out, LLMFI_LIT("x")));
    assert_true(llmfi_url_segment(&out, LLMFI_LIT(".x")));
    same(llmfi_buf_str(&out), "..%2Fx...x.x");
    llmfi_buf_free(&out);
    assert_true(llmfi_url_encode(&out, llmfi_str("", 0)));
    heap.fail_at = heap.requests + 1;
    assert_false(llmfi_url_encode(&out, LLMFI_LIT("a")));
    llmfi_buf_free(&out);
}

static void test_join(void **state) {
    static const char *const rows[][3] = {
        {"https://h", "/v1/chat", "https://h/v1/chat"},
        {"https://h/", "/v1/chat", "https://h/v1/chat"},
        {"https://h", "v1/chat", "https://h/v1/chat"},
        {"https://h/", "v1/chat", "https://h/v1/chat"},
        {"https://h/v1/", "", "https://h/v1/"},
        {"https://h/v1", "", "https://h/v1"},
        {"https://h/v1", "/", "https://h/v1/"},
        {"https://h/v1/", "/", "https://h/v1/"},
        {"https://h/v1//", "//x", "https://h/v1///x"},
        {"https://h/openai?api-version=1", "/chat", "https://h/openai/chat?api-version=1"},
        {"https://h/openai/?api-version=1", "/chat?alt=sse", "https://h/openai/chat?api-version=1&alt=sse"},
        {"https://h/v1", "/chat?alt=sse", "https://h/v1/chat?alt=sse"},
        {"https://h/v1", "?alt=sse", "https://h/v1?alt=sse"},
        {"https://h/v1/?", "/chat", "https://h/v1/chat"},
        {"https://h/v1/?a", "", "https://h/v1/?a"},
        {"", "x", "/x"},
    };
    size_t i;
    (void)state;
    llmfi_heap_init(&heap, block, sizeof block);
    for (i = 0; i < LLMFI_COUNT(rows); i++) {
        uint64_t n;
        bool hit = true;
        for (n = 0; hit; n++) { /* n 0: nothing refused */
            llmfi_buf out;
            bool ok;
            llmfi_buf_init(&out, &heap, 0);
            heap.fail_at = n ? heap.requests + n : 0;
            ok = llmfi_url_join(&out, llmfi_cstr(rows[i][0]), llmfi_cstr(rows[i][1]));
            hit = !n || heap.requests >= heap.fail_at;
            assert_int_equal(ok, !n || !hit);
            if (ok) same(llmfi_buf_str(&out), rows[i][2]);
            llmfi_buf_free(&out);
        }
        assert_true(n >= 2);
    }
    assert_int_equal(heap.used, 0);
}

/* Whatever the lengths of base and path: a growth refused is seen. */
static void test_join_memory(void **state) {
    static char base[200];
    size_t len, refused = 0;
    (void)state;
    memset(base, 'b', sizeof base);
    base[0] = '?';
    for (len = 0; len < sizeof base - 1; len++) {
        uint64_t n;
        bool ok = false;
        for (n = 1; !ok; n++) {
            llmfi_buf out;
            llmfi_heap_init(&heap, block, sizeof block);
            llmfi_buf_init(&out, &heap, 0);
            heap.fail_at = n;
            ok = llmfi_url_join(&out, llmfi_str(base + (len & 1), len), LLMFI_LIT("path-longer-than-one-unit-of-the-heap-is-by-itself-alone-aaaaaaaaa?q=1"));
            refused += !ok;
            llmfi_buf_free(&out);
        }
    }
    assert_true(refused > 200);
}

/* The table against the characters of RFC 9110 written out; values against their rule, every byte of both. */
static void test_headers(void **state) {
    static const char token[] = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    int c;
    (void)state;
    for (c = 0; c < 256; c++) {
        char text[3];
        llmf_str s = llmfi_str(text, 3);
        bool value_ok = c == '\t' || (c >= 0x20 && c != 0x7F);
        text[0] = text[2] = 'a';
        text[1] = (char)c;
        assert_int_equal(llmfi_header_bad_name(s), c && strchr(token, c) ? LLMFI_NOWHERE : 1);
        assert_int_equal(llmfi_header_bad_value(s), value_ok ? LLMFI_NOWHERE : 1);
        assert_int_equal(llmfi_header_ok(LLMFI_LIT("X-A"), s), value_ok);
        assert_int_equal(llmfi_header_ok(s, LLMFI_LIT("")), c && strchr(token, c));
    }
    assert_int_equal(llmfi_header_bad_name(llmfi_str("", 0)), 0);
    assert_false(llmfi_header_ok(llmfi_str("", 0), LLMFI_LIT("x")));
}

/* A control character is found at each place of each length, and a tab in front of it does not hide it. */
static void test_control_places(void **state) {
    static const char controls[] = {'\0', '\r', '\n', 0x1F, 0x7F};
    char text[40];
    size_t len, at, c;
    (void)state;
    for (len = 1; len <= sizeof text; len++)
        for (at = 0; at < len; at++)
            for (c = 0; c < sizeof controls; c++) {
                memset(text, (int)(0x20 + (at * 31 + len) % 0x5F), sizeof text);
                text[at] = controls[c];
                assert_int_equal(llmfi_header_bad_value(llmfi_str(text, len)), at);
                assert_int_equal(llmfi_header_bad_value(llmfi_str(text, at)), LLMFI_NOWHERE);
                if (at) text[at - 1] = '\t';
                if (at > 9) text[at - 9] = '\t';
                assert_int_equal(llmfi_header_bad_value(llmfi_str(text, len)), at);
            }
    memset(text, 0xFF, sizeof text);
    assert_int_equal(llmfi_header_bad_value(llmfi_str(text, sizeof text)), LLMFI_NOWHERE);
    memset(text, 0x80, sizeof text);
    assert_int_equal(llmfi_header_bad_value(llmfi_str(text, sizeof text)), LLMFI_NOWHERE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse), cmocka_unit_test(test_parse_refuses), cmocka_unit_test(test_long_hosts), cmocka_unit_test(test_prefixes),
        cmocka_unit_test(test_origin), cmocka_unit_test(test_encode), cmocka_unit_test(test_join), cmocka_unit_test(test_join_memory), cmocka_unit_test(test_headers), cmocka_unit_test(test_control_places),
    };
    return cmocka_run_group_tests_name("url", tests, NULL, NULL);
}
