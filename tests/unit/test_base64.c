/* Base64, and the sink it streams into: each window of an output must be the same bytes as that part of the whole. */
#include "corpus.h"
#include "../../src/base/out.h"

static const struct {
    const char *plain, *coded;
} vectors[] = { { "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" }, { "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" } }; /* RFC 4648, 10 */

static bool decode(llmf_str in, char *out, size_t cap, size_t *len) {
    char *copy = (char *)malloc(in.len ? in.len : 1);
    bool ok;
    assert_non_null(copy);
    if (in.len) memcpy(copy, in.ptr, in.len);
    ok = llmfi_base64_decode(llmfi_str(copy, in.len), out, cap, len);
    free(copy);
    return ok;
}

static void test_vectors(void **state) {
    char text[64], plain[64];
    size_t i, n, bare;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(vectors); i++) {
        llmf_str p = llmfi_cstr(vectors[i].plain), c = llmfi_cstr(vectors[i].coded);
        n = llmfi_base64_encode(text, p.ptr, p.len);
        assert_true(llmfi_eq(llmfi_str(text, n), c));
        assert_int_equal(llmfi_base64_size(p.len), n);
        assert_true(decode(c, plain, p.len, &n));
        assert_true(llmfi_eq(llmfi_str(plain, n), p));
        for (bare = c.len; bare && c.ptr[bare - 1] == '=';) bare--;
        assert_true(decode(llmfi_str(c.ptr, bare), plain, sizeof plain, &n));
        assert_true(llmfi_eq(llmfi_str(plain, n), p));
        if (p.len) assert_false(decode(c, plain, p.len - 1, &n));
    }
    assert_true(decode(LLMFI_LIT("-_-_"), plain, 3, &n) && n == 3);
    assert_memory_equal(plain, "\xfb\xff\xbf", 3);
    assert_int_equal(llmfi_base64_size((size_t)-1), 0);
}

static void test_refused(void **state) {
    static const char *const bad[] = { "Z", "Zg=", "Zg===", "Z===", "=", "==", "====", "Zm9vZ", "Zh==", "Zm9=", "Zm9", "Zg", "Z g=", "Zg==\n", " Zg==", "Zm8==", "Zm=9", "Zg==Zg==", "Zm9v=", "Zm9v====", "\xc3\xa9==", "Zm,v", "Z\0\0\0" };
    char plain[64];
    size_t i, n;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(bad); i++) {
        bool fine = strcmp(bad[i], "Zg") == 0;
        if (strcmp(bad[i], "Zm9") == 0) continue; /* left-over bits: below */
        if (decode(llmfi_cstr(bad[i]), plain, sizeof plain, &n) != fine) fail_msg("%s", bad[i]);
    }
    assert_false(decode(LLMFI_LIT("Zm9"), plain, sizeof plain, &n)); /* '9' leaves 01 over */
    assert_true(decode(LLMFI_LIT("Zm8"), plain, sizeof plain, &n));
    assert_false(decode(llmfi_str("Zm\0v", 4), plain, sizeof plain, &n));
}

/* Each byte value in each of the four places. */
static void test_alphabet(void **state) {
    int place, c;
    char text[4], plain[3];
    size_t n;
    (void)state;
    for (place = 0; place < 4; place++) {
        for (c = 0; c < 256; c++) {
            bool digit = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/' || c == '-' || c == '_';
            memcpy(text, "AAAA", 4);
            text[place] = (char)c;
            if (c == '=' && place == 3) digit = true; /* one padding: two bytes */
            assert_int_equal(decode(llmfi_str(text, 4), plain, 3, &n), digit);
        }
    }
}

static char data[700], whole[1200];

static void test_random(void **state) {
    uint64_t seed = 3;
    size_t n, i, len;
    char back[700];
    (void)state;
    for (n = 0; n < sizeof data; n++) {
        for (i = 0; i < n; i++) data[i] = (char)corpus_random(&seed);
        len = llmfi_base64_encode(whole, data, n);
        assert_true(decode(llmfi_str(whole, len), back, n, &len) && len == n);
        assert_memory_equal(back, data, n);
    }
}

static void emit(llmfi_out *o, size_t n) {
    LLMFI_PUT(o, "{\"data\":\"");
    llmfi_put_base64(o, data, n);
    llmfi_put_str(o, LLMFI_LIT("\",\"n\":"));
    llmfi_put_int(o, -1234567);
    llmfi_put_char(o, '}');
}

static void tap(void *user, const char *bytes, size_t len) {
    size_t *at = (size_t *)user;
    assert_memory_equal(bytes, whole + *at, len);
    *at += len;
}

static void check_windows(size_t n) {
    char window[1200];
    llmfi_out o;
    size_t total, cap, skip, seen = 0;
    llmfi_out_window(&o, whole, sizeof whole, 0);
    emit(&o, n);
    total = o.len;
    assert_false(o.full);
    assert_true(o.total == total);
    llmfi_out_count(&o);
    emit(&o, n);
    assert_true(o.total == total);
    llmfi_out_count(&o);
    o.tap = tap;
    o.tap_user = &seen;
    emit(&o, n);
    assert_true(o.total == total && seen == total);
    for (cap = 0; cap <= total + 2; cap += cap < 70 ? 1 : 97) {
        for (skip = 0; skip <= total + 3; skip++) {
            size_t want = skip >= total ? 0 : total - skip < cap ? total - skip : cap;
            llmfi_out_window(&o, window, cap, skip);
            memset(window, 'x', sizeof window);
            emit(&o, n);
            assert_true(o.total == total);
            assert_int_equal(o.len, want);
            assert_memory_equal(window, whole + (skip < total ? skip : total), want);
            assert_int_equal(window[want], 'x');
            assert_int_equal(o.full, o.len == cap);
        }
    }
}

static void test_windows(void **state) {
    size_t n;
    (void)state;
    for (n = 0; n < 8; n++) check_windows(n);
    check_windows(191);
    check_windows(192);
    check_windows(193);
    check_windows(sizeof data);
}

/* Far more data than could be encoded in the time of a test: only what the window shows is touched. */
static void test_cost(void **state) {
    size_t huge = SIZE_MAX >> 24;
    uint64_t total = ((uint64_t)huge + 2) / 3 * 4;
    char window[64], want[64];
    llmfi_out o;
    (void)state;
    if (sizeof(size_t) < 8) skip();
    llmfi_out_count(&o);
    llmfi_put_base64(&o, data, huge);
    assert_true(o.total == total);
    llmfi_out_window(&o, window, sizeof window, 0);
    llmfi_put_base64(&o, data, huge); /* `data` holds 700 bytes: reading further would be seen */
    assert_true(o.total == total && o.full);
    llmfi_base64_encode(want, data, 48);
    assert_memory_equal(window, want, 64);
    llmfi_out_window(&o, window, sizeof window, total + 2);
    llmfi_put_base64(&o, data, huge);
    LLMFI_PUT(&o, "abcd");
    assert_true(o.total == total + 4 && o.len == 2);
    assert_memory_equal(window, "cd", 2);
}

static void test_grow(void **state) {
    static char block[4096];
    llmfi_heap heap;
    llmfi_buf b;
    llmfi_out o;
    (void)state;
    llmfi_heap_init(&heap, block, sizeof block);
    llmfi_buf_init(&b, &heap, 300);
    llmfi_out_window(&o, whole, sizeof whole, 0);
    emit(&o, 90);
    llmfi_out_buf(&o, &b);
    emit(&o, 90);
    assert_false(o.failed);
    assert_int_equal(b.len, o.total);
    assert_memory_equal(b.ptr, whole, b.len);
    b.len = 0;
    llmfi_out_buf(&o, &b);
    emit(&o, 600); /* over the buffer's limit */
    assert_true(o.failed);
    assert_true(b.len <= 300);
    assert_true(o.total == 9 + 800 + 6 + 8 + 1);
    llmfi_buf_free(&b);
    assert_int_equal(heap.used, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_vectors), cmocka_unit_test(test_refused), cmocka_unit_test(test_alphabet), cmocka_unit_test(test_random),
        cmocka_unit_test(test_windows), cmocka_unit_test(test_cost), cmocka_unit_test(test_grow) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
