#include "split.h"
#include "../../src/wire/json_array.h"

typedef struct reader {
    llmfi_json_array a;
    size_t max_item;
} reader;

static char block[1 << 20];
static llmfi_heap heap;

static void reader_begin(void *p) {
    reader *r = (reader *)p;
    llmfi_json_array_init(&r->a, &heap, r->max_item);
}

static bool reader_feed(void *p, llmf_str in, log_text *log) {
    reader *r = (reader *)p;
    int got;
    while ((got = llmfi_json_array_next(&r->a, &in)) == LLMFI_WIRE_ITEM) {
        log_str(log, r->a.payload);
        log_cstr(log, "|");
    }
    if (got == LLMFI_WIRE_MORE) assert_int_equal(in.len, 0);
    return got == LLMFI_WIRE_MORE;
}

/* The end of the log: "]" closed, "!bad", "!limit", "!memory", nothing: not closed. */
static void reader_end(void *p, log_text *log) {
    static const char *const errors[] = { "", "!memory", "!limit", "!bad" };
    reader *r = (reader *)p;
    log_cstr(log, llmfi_json_array_closed(&r->a) ? "]" : errors[r->a.error]);
    if (r->a.error) {
        llmf_str none = llmfi_str("", 0);
        assert_int_equal(llmfi_json_array_next(&r->a, &none), LLMFI_WIRE_ERROR);
    }
    llmfi_json_array_free(&r->a);
    assert_int_equal(heap.used, 0);
}

static const split_ops ops = {reader_begin, reader_feed, reader_end};

static void check(size_t max_item, const char *in, const char *expected) {
    reader r;
    r.max_item = max_item;
    llmfi_heap_init(&heap, block, sizeof block);
    split_all(&ops, &r, llmfi_cstr(in), in, expected, strlen(expected));
}

static void test_elements(void **state) {
    (void)state;
    check(0, "", "");
    check(0, " \r\n\t", "");
    check(0, "[]", "]");
    check(0, " [ \n] \n", "]");
    check(0, "[{\"a\":1},\r\n{\"b\":[2,{\"c\":3}]}\r\n]", "{\"a\":1}|{\"b\":[2,{\"c\":3}]}|]");
    check(0, "[{}\n,\n[]\n,[[1],[2]]]\n", "{}|[]|[[1],[2]]|]");
    check(0, "[1, -2.5e3 ,true,null\n,\"x\",\"\"]", "1|-2.5e3|true|null|\"x\"|\"\"|]");
    check(0, "[{\"a\":\"]},[\\\"{\"},{\"\\\\\":\"\\\\\"}]", "{\"a\":\"]},[\\\"{\"}|{\"\\\\\":\"\\\\\"}|]");
    check(0, "[\"a,]\\\"b\",\"\\\\\"]", "\"a,]\\\"b\"|\"\\\\\"|]");
    check(0, "[{}] behind it: passed over [{}", "{}|]");
    check(0, "[{ ]}, wrong inside: its reader's to say }]", "{ ]|!bad");
}

/* An element is handed out at its last byte, not with what follows; a number or word when it is known to be over. */
static void test_unfinished(void **state) {
    (void)state;
    check(0, "[", "");
    check(0, "[{}", "{}|");
    check(0, "[{},", "{}|");
    check(0, "[{},{\"a\":", "{}|");
    check(0, "[{},{\"a\":\"}]", "{}|");
    check(0, "[{},12", "{}|");
    check(0, "[{},\"x\"", "{}|\"x\"|");
}

static void test_bad(void **state) {
    (void)state;
    check(0, "{}", "!bad");
    check(0, "x[", "!bad");
    check(0, "[,", "!bad");
    check(0, "[{},]", "{}|!bad");
    check(0, "[{},,{}]", "{}|!bad");
    check(0, "[{}{}]", "{}|!bad");
    check(0, "[{} 1]", "{}|!bad");
    check(0, "[1 2]", "1|!bad");
    check(0, "[}", "!bad");
    check(0, "[:", "!bad");
    check(0, "[{}}", "{}|!bad");
}

static void test_limit(void **state) {
    (void)state;
    check(8, "[{\"a\":1},{\"b\":2}]", "{\"a\":1}|{\"b\":2}|]");
    check(8, "[{\"a\":12},{\"b\":2}]", "{\"a\":12}|{\"b\":2}|]");
    check(8, "[{\"a\":123},{\"b\":2}]", "!limit");
    check(8, "[1,12345678,2]", "1|12345678|2|]");
    check(8, "[1,123456789,2]", "1|!limit");
    check(8, "[\"x\",\"1234567\"]", "\"x\"|!limit");
    check(8, "[{}                 ,{}]", "{}|{}|]");
}

static void test_memory(void **state) {
    static const char text[] = "[{\"a\":1},{\"text\":\"an element that is longer than one unit of the heap, in pieces, so that the buffer has to grow\"},{\"b\":2}]";
    static const char refused[] = "{\"a\":1}|!memory";
    uint64_t n;
    (void)state;
    for (n = 1; n <= 2; n++) {
        log_text log = {NULL, 0, 0};
        reader r;
        r.max_item = 0;
        llmfi_heap_init(&heap, block, sizeof block);
        heap.fail_at = n;
        split_run(&ops, &r, llmfi_str(text, sizeof text - 1), 20, 30, &log);
        split_expect(&log, refused, sizeof refused - 1, "memory", 20, 30);
        log_free(&log);
    }
}

static void test_zero_copy(void **state) {
    static const char text[] = "[{\"x\":1},{\"x\":2}]";
    llmf_str in = llmfi_str(text, sizeof text - 1);
    llmfi_json_array a;
    (void)state;
    llmfi_heap_init(&heap, block, sizeof block);
    llmfi_json_array_init(&a, &heap, 0);
    assert_int_equal(llmfi_json_array_next(&a, &in), LLMFI_WIRE_ITEM);
    assert_ptr_equal(a.payload.ptr, text + 1);
    assert_ptr_equal(in.ptr, text + 8); /* nothing behind the element is taken */
    assert_int_equal(llmfi_json_array_next(&a, &in), LLMFI_WIRE_ITEM);
    assert_ptr_equal(a.payload.ptr, text + 9);
    assert_false(llmfi_json_array_closed(&a));
    assert_int_equal(llmfi_json_array_next(&a, &in), LLMFI_WIRE_MORE);
    assert_true(llmfi_json_array_closed(&a));
    assert_true(heap.requests == 0);
}

static void test_memory_goes_back(void **state) {
    static char big[100000];
    llmf_str a = llmfi_str(big, 60000), b = llmfi_str(big + 60000, 40000), c = LLMFI_LIT(",1]");
    llmfi_json_array s;
    (void)state;
    memset(big, 'x', sizeof big);
    memcpy(big, "[\"", 2);
    big[sizeof big - 1] = '"';
    llmfi_heap_init(&heap, block, sizeof block);
    llmfi_json_array_init(&s, &heap, 0);
    assert_int_equal(llmfi_json_array_next(&s, &a), LLMFI_WIRE_MORE);
    assert_int_equal(llmfi_json_array_next(&s, &b), LLMFI_WIRE_ITEM);
    assert_int_equal(s.payload.len, sizeof big - 1);
    assert_int_equal(llmfi_json_array_next(&s, &c), LLMFI_WIRE_ITEM);
    assert_int_equal(heap.used, 0);
    llmfi_json_array_free(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_elements), cmocka_unit_test(test_unfinished), cmocka_unit_test(test_bad),         cmocka_unit_test(test_limit),
        cmocka_unit_test(test_memory),   cmocka_unit_test(test_zero_copy),  cmocka_unit_test(test_memory_goes_back),
    };
    return cmocka_run_group_tests_name("json_array", tests, NULL, NULL);
}
