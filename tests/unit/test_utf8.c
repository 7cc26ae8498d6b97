/* UTF-8: every code point, every bad start, the flenniken and Kuhn corpora, whole and at each split. */
#include "corpus.h"
#include "../../src/base/utf8.h"
#include "../less.h"

static char block[1 << 22];
static llmfi_heap heap;

static void text_of(llmfi_buf *b, llmf_str s, size_t split, size_t split2) {
    llmfi_utf8 u;
    llmfi_out o;
    memset(&u, 0, sizeof u);
    llmfi_out_buf(&o, b);
    llmfi_utf8_feed(&u, llmfi_str(s.ptr, split), &o);
    llmfi_utf8_feed(&u, llmfi_str(s.ptr + split, split2 - split), &o);
    llmfi_utf8_feed(&u, llmfi_from(s, split2), &o);
    llmfi_utf8_end(&u, &o);
    assert_false(o.failed);
}

/* Cleans `s` whole, at each split, and byte by byte: always `want`. */
static void check_clean(llmf_str s, llmf_str want) {
    llmfi_buf b;
    llmfi_utf8 u;
    llmfi_out o;
    size_t i, step = s.len > 2000 ? 7 : 1;
    char *copy = (char *)malloc(s.len ? s.len : 1), *to = (char *)malloc(s.len * 3 + 1);
    llmfi_heap_init(&heap, block, sizeof block);
    llmfi_buf_init(&b, &heap, 0);
    assert_true(copy && to);
    if (s.len) memcpy(copy, s.ptr, s.len);
    s.ptr = copy;
    assert_int_equal(llmfi_utf8_clean(to, s), want.len);
    assert_memory_equal(to, want.ptr, want.len);
    for (i = 0; i <= s.len; i += step) {
        b.len = 0;
        text_of(&b, s, i, i + (s.len - i) / 2);
        assert_int_equal(b.len, want.len);
        assert_memory_equal(b.ptr, want.ptr, want.len);
    }
    memset(&u, 0, sizeof u);
    b.len = 0;
    llmfi_out_buf(&o, &b);
    for (i = 0; i < s.len; i++) llmfi_utf8_feed(&u, llmfi_str(s.ptr + i, 1), &o);
    llmfi_utf8_end(&u, &o);
    assert_int_equal(b.len, want.len);
    assert_memory_equal(b.ptr, want.ptr, want.len);
    assert_true(llmfi_utf8_valid(want, NULL));
    assert_int_equal(llmfi_utf8_valid(s, NULL), llmfi_eq(s, want));
    free(copy);
    free(to);
}

static void test_every_code_point(void **state) {
    uint32_t cp, back;
    char text[4];
    (void)state;
    for (cp = 0; cp < 0x110000; cp++) {
        size_t n = llmfi_utf8_encode(text, cp);
        bool surrogate = cp >= 0xd800 && cp <= 0xdfff;
        assert_int_equal(llmfi_utf8_next(text, text + n, &back), n);
        assert_int_equal(back, surrogate ? 0xfffd : cp);
        assert_int_equal(n, surrogate ? 3 : cp < 0x80 ? 1 : cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4);
        if (n > 1) assert_int_equal(llmfi_utf8_next(text, text + n - 1, &back), 0);
    }
    assert_int_equal(llmfi_utf8_encode(text, 0x110000), 3);
    assert_memory_equal(text, "\xef\xbf\xbd", 3);
}

/* All two-byte texts and a sample of four-byte ones: what is called good encodes back to the same bytes. */
static void test_exhaustive(void **state) {
    uint64_t seed = 5;
    uint32_t i, cp;
    char text[4], again[4];
    (void)state;
    for (i = 0; i < (uint32_t)less(3000000); i++) {
        uint32_t v = i < 0x10000 ? i << 16 : (uint32_t)corpus_random(&seed) | 0xc0808080u;
        int n;
        text[0] = (char)(v >> 24);
        text[1] = (char)(v >> 16);
        text[2] = (char)(v >> 8);
        text[3] = (char)v;
        n = llmfi_utf8_next(text, text + 4, &cp);
        assert_true(n != 0 && n >= -3 && n <= 4);
        if (n > 0) {
            assert_int_equal(llmfi_utf8_encode(again, cp), n);
            assert_memory_equal(again, text, (size_t)n);
        } else {
            assert_int_equal(cp, 0xfffd);
        }
    }
}

#define S(x) llmfi_str(x, sizeof(x) - 1)
#define R "\xef\xbf\xbd"

static void test_pieces(void **state) {
    /* Unicode 15, chapter 3, table 3-8 and its neighbours */
    (void)state;
    check_clean(S(""), S(""));
    check_clean(S("plain text of more than eight bytes"), S("plain text of more than eight bytes"));
    check_clean(S("\xc0\xaf\xe0\x80\xbf\xf0\x81\x82\x41"), S(R R R R R R R R "A"));
    check_clean(S("\xed\xa0\x80\xed\xbf\xbf\xed\xaf\x41"), S(R R R R R R R R "A"));
    check_clean(S("\xf4\x91\x92\x93\xff\x41\x80\xbf\x42"), S(R R R R R "A" R R "B"));
    check_clean(S("\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41"), S(R R R R "A"));
    check_clean(S("\xf0\x9f\x98"), S(R));
    check_clean(S("\xf0\x9f\x98\xf0\x9f\x98\x80"), S(R "\xf0\x9f\x98\x80"));
    check_clean(S("1234567\xe2\x82\xac" "89\xe2\x82"), S("1234567\xe2\x82\xac" "89" R));
    check_clean(S("a\0b\xc2"), S("a\0b" R));
}

static void test_place(void **state) {
    size_t bad = 99;
    (void)state;
    assert_true(llmfi_utf8_valid(S("0123456789\xc3\xa9"), &bad));
    assert_int_equal(bad, 99);
    assert_false(llmfi_utf8_valid(S("0123456789\xc3\xa9\xe2\x82 "), &bad));
    assert_int_equal(bad, 12);
    assert_false(llmfi_utf8_valid(S("0123456789\xc3"), &bad));
    assert_int_equal(bad, 10);
}

static void test_cut(void **state) {
    llmf_str s = S("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z");
    static const size_t want[] = { 0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11 };
    size_t i;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(want); i++) assert_int_equal(llmfi_utf8_cut(s, i).len, want[i]);
    assert_int_equal(llmfi_utf8_cut(S("\x80\x80\x80\x80\x80\x80"), 4).len, 4);
    assert_int_equal(llmfi_utf8_cut(S("\xe2\x82\x41"), 1).len, 1);
}

/* "6.0:invalid hex:F7 BF BF BF:nothing:EFBFBD  EFBFBD" -> bytes of field `field` */
static size_t hex_field(const char *line, const char *end, int field, char *to) {
    size_t n = 0;
    unsigned half = 0, have = 0;
    for (; line < end && field; line++)
        if (*line == ':') field--;
    for (; line < end && *line != ':'; line++) {
        char c = llmfi_lower(*line);
        unsigned v = llmfi_is_digit(c) ? (unsigned)(c - '0') : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10) : 16;
        if (v > 15) continue;
        half = half << 4 | v;
        if (++have % 2 == 0) to[n++] = (char)half;
    }
    return n;
}

static void test_flenniken_cases(void **state) {
    llmf_str text = corpus_read(corpus_path("corpora/utf8/flenniken/utf8tests.txt"));
    const char *p, *end, *line_end;
    int valid = 0, invalid = 0;
    (void)state;
    if (!text.ptr) skip();
    for (p = text.ptr, end = p + text.len; p < end; p = line_end + 1) {
        char in[512], want[1024];
        llmf_str line;
        line_end = (const char *)memchr(p, '\n', (size_t)(end - p));
        if (!line_end) line_end = end;
        line = llmfi_range(p, line_end);
        if (!line.len || *p == '#') continue;
        if (llmfi_find_nocase(line, S(":invalid hex:")) != LLMFI_NOWHERE) {
            size_t n = hex_field(p, line_end, 2, in), m = hex_field(p, line_end, 4, want);
            check_clean(llmfi_str(in, n), llmfi_str(want, m));
            assert_false(llmfi_utf8_valid(llmfi_str(in, n), NULL));
            invalid++;
        } else if (llmfi_find_nocase(line, S(":valid hex:")) != LLMFI_NOWHERE) {
            size_t n = hex_field(p, line_end, 2, in);
            check_clean(llmfi_str(in, n), llmfi_str(in, n));
            valid++;
        }
    }
    printf("flenniken: %d valid and %d invalid cases\n", valid, invalid);
    assert_true(valid > 10 && invalid > 50);
    free((char *)(uintptr_t)text.ptr);
}

static void test_flenniken_file(void **state) {
    llmf_str in = corpus_read(corpus_path("corpora/utf8/flenniken/utf8tests.bin")), want;
    (void)state;
    if (!in.ptr) skip();
    want = corpus_read(corpus_path("corpora/utf8/flenniken/utf8.replace.ref.txt"));
    assert_non_null(want.ptr);
    check_clean(in, want);
    free((char *)(uintptr_t)in.ptr);
    free((char *)(uintptr_t)want.ptr);
}

static void test_kuhn(void **state) {
    llmf_str in = corpus_read(corpus_path("corpora/utf8/kuhn-UTF-8-test.txt"));
    char *to;
    (void)state;
    if (!in.ptr) skip();
    to = (char *)malloc(in.len * 3);
    assert_non_null(to);
    check_clean(in, llmfi_str(to, llmfi_utf8_clean(to, in)));
    free(to);
    free((char *)(uintptr_t)in.ptr);
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_every_code_point), cmocka_unit_test(test_exhaustive), cmocka_unit_test(test_pieces), cmocka_unit_test(test_place),
        cmocka_unit_test(test_cut), cmocka_unit_test(test_flenniken_cases), cmocka_unit_test(test_flenniken_file), cmocka_unit_test(test_kuhn) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
