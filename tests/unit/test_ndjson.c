#include "split.h"
#include "../../src/wire/ndjson.h"

typedef struct reader {
    llmfi_ndjson nd;
    size_t max_line;
} reader;

static char block[1 << 20];
static llmfi_heap heap;

static void reader_begin(void *p) {
    reader *r = (reader *)p;
    llmfi_ndjson_init(&r->nd, &heap, r->max_line);
}

static bool reader_feed(void *p, llmf_str in, log_text *log) {
    reader *r = (reader *)p;
    int got;
    while ((got = llmfi_ndjson_next(&r->nd, &in)) == LLMFI_WIRE_ITEM) {
        log_str(log, r->nd.payload);
        log_cstr(log, "|");
    }
    if (got == LLMFI_WIRE_MORE) assert_int_equal(in.len, 0);
    return got == LLMFI_WIRE_MORE;
}

static void reader_end(void *p, log_text *log) {
    reader *r = (reader *)p;
    int got = llmfi_ndjson_end(&r->nd);
    if (got == LLMFI_WIRE_ITEM) {
        log_cstr(log, "~");
        log_str(log, r->nd.payload);
        assert_int_equal(llmfi_ndjson_end(&r->nd), LLMFI_WIRE_MORE);
    } else if (got == LLMFI_WIRE_ERROR) {
        llmf_str none = llmfi_str("", 0);
        log_cstr(log, r->nd.error == LLMFI_WIRE_MEMORY ? "!memory" : "!limit");
        assert_int_equal(llmfi_ndjson_next(&r->nd, &none), LLMFI_WIRE_ERROR);
    }
    llmfi_ndjson_free(&r->nd);
    assert_int_equal(heap.used, 0);
}

static const split_ops ops = {reader_begin, reader_feed, reader_end};

static void check(size_t max_line, const char *in, const char *expected) {
    reader r;
    r.max_line = max_line;
    llmfi_heap_init(&heap, block, sizeof block);
    split_all(&ops, &r, llmfi_cstr(in), in, expected, strlen(expected));
}

static void test_lines(void **state) {
    (void)state;
    check(0, "", "");
    check(0, "\n\r\n  \n\t\r\n", "");
    check(0, "{\"a\":1}\n{\"b\":2}\r\n\n{\"c\":3}\n", "{\"a\":1}|{\"b\":2}|{\"c\":3}|");
    check(0, "{}\n{\"done\":true}", "{}|~{\"done\":true}");
    check(0, "{}\n{\"done\":true}\r", "{}|~{\"done\":true}");
    check(0, "{}\r{}\n \r", "{}\r{}|");
    check(0, " {}\n", " {}|");
    check(0, "1\n2\n3", "1|2|~3");
}

static void test_limit(void **state) {
    (void)state;
    check(8, "1234567\n2\n", "1234567|2|");
    check(8, "12345678\n2\n", "12345678|2|");
    check(8, "123456789\n2\n", "!limit");
    check(8, "1\n1234567\r\n2\n", "1|1234567|2|");
    check(8, "1\n12345678\r\n2\n", "1|!limit");
    check(8, "12345678", "~12345678");
    check(8, "123456789", "!limit");
}

static void test_memory(void **state) {
    static const char text[] = "{\"a\":1}\n{\"text\":\"a line that is longer than one unit of the heap, in pieces, so that the buffer has to grow\"}\n{\"b\":2}\n";
    static const char refused[] = "{\"a\":1}|!memory";
    uint64_t n;
    (void)state;
    for (n = 1; n <= 2; n++) {
        log_text log = {NULL, 0, 0};
        reader r;
        r.max_line = 0;
        llmfi_heap_init(&heap, block, sizeof block);
        heap.fail_at = n;
        split_run(&ops, &r, llmfi_str(text, sizeof text - 1), 20, 30, &log);
        split_expect(&log, refused, sizeof refused - 1, "memory", 20, 30);
        log_free(&log);
    }
}

static void test_zero_copy(void **state) {
    static const char text[] = "{\"x\":1}\n{\"x\":2}\n";
    llmf_str in = llmfi_str(text, sizeof text - 1);
    llmfi_ndjson s;
    (void)state;
    llmfi_heap_init(&heap, block, sizeof block);
    llmfi_ndjson_init(&s, &heap, 0);
    assert_int_equal(llmfi_ndjson_next(&s, &in), LLMFI_WIRE_ITEM);
    assert_ptr_equal(s.payload.ptr, text);
    assert_ptr_equal(in.ptr, text + 8);
    assert_int_equal(llmfi_ndjson_next(&s, &in), LLMFI_WIRE_ITEM);
    assert_ptr_equal(s.payload.ptr, text + 8);
    assert_int_equal(llmfi_ndjson_next(&s, &in), LLMFI_WIRE_MORE);
    assert_true(heap.requests == 0);
}

static void test_memory_goes_back(void **state) {
    static char big[100000];
    llmf_str a = llmfi_str(big, 60000), b = llmfi_str(big + 60000, 40000), c = LLMFI_LIT("1\n");
    llmfi_ndjson s;
    (void)state;
    memset(big, 'x', sizeof big);
    big[sizeof big - 1] = '\n';
    llmfi_heap_init(&heap, block, sizeof block);
    llmfi_ndjson_init(&s, &heap, 0);
    assert_int_equal(llmfi_ndjson_next(&s, &a), LLMFI_WIRE_MORE);
    assert_int_equal(llmfi_ndjson_next(&s, &b), LLMFI_WIRE_ITEM);
    assert_int_equal(s.payload.len, sizeof big - 1);
    assert_int_equal(llmfi_ndjson_next(&s, &c), LLMFI_WIRE_ITEM);
    assert_int_equal(heap.used, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines), cmocka_unit_test(test_limit), cmocka_unit_test(test_memory),
        cmocka_unit_test(test_zero_copy), cmocka_unit_test(test_memory_goes_back),
    };
    return cmocka_run_group_tests_name("ndjson", tests, NULL, NULL);
}
