#include "split.h"
#include "../../src/wire/json_sieve.h"

/* The items in a row: "id=text" of a value, "id~bytes" of a raw one, "id(numbers)" of an array of them, "id;" of an end. What is last tells how it went:
   "." whole, "?" not yet, "!bad", "!limit", "!memory". */
typedef struct reader {
    llmfi_sieve s;
    const llmfi_sieve_row *rows;
    size_t count, max;
    float to[8];
    size_t cap;                              /* 0: the numbers are only counted */
    bool grow;                               /* at FULL there is room for two more; else the rest is counted */
} reader;

static char block[1 << 20];
static llmfi_heap heap;

static void reader_begin(void *p) {
    reader *r = (reader *)p;
    llmfi_sieve_init(&r->s, &heap, r->rows, r->count, r->max);
}

static void log_floats(log_text *log, const reader *r) {
    size_t i;
    char text[32];
    for (i = 0; r->s.to && i < r->s.n; i++) {
        snprintf(text, sizeof text, "%s%.9g", i ? "," : "", (double)r->to[i]);
        log_cstr(log, text);
    }
    if (!r->s.to) log_number(log, r->s.n);
    log_cstr(log, ")");
}

static void reader_item(reader *r, log_text *log) {
    llmfi_sieve *s = &r->s;
    char id = (char)('a' + s->row->id);
    switch (s->item) {
    case LLMFI_SIEVE_OPEN:
        log_bytes(log, &id, 1);
        log_cstr(log, "(");
        s->to = r->cap ? r->to : NULL;
        s->cap = r->cap;
        break;
    case LLMFI_SIEVE_FULL:
        assert_int_equal(s->n, s->cap);
        if (r->grow && s->cap + 2 <= LLMFI_COUNT(r->to)) s->cap += 2;
        else s->to = NULL;
        break;
    case LLMFI_SIEVE_CLOSE: log_floats(log, r); break;
    case LLMFI_SIEVE_END:
        log_bytes(log, &id, 1);
        log_cstr(log, ";");
        break;
    default:
        log_bytes(log, &id, 1);
        log_cstr(log, s->item == LLMFI_SIEVE_RAW ? "~" : "=");
        log_str(log, s->item == LLMFI_SIEVE_RAW ? s->raw : s->j.text);
        log_cstr(log, " ");
    }
}

static bool reader_take(reader *r, llmf_str in, bool last, log_text *log) {
    int got;
    while ((got = llmfi_sieve_next(&r->s, &in, last)) == LLMFI_WIRE_ITEM) reader_item(r, log);
    if (got == LLMFI_WIRE_MORE) assert_int_equal(in.len, 0);
    return got == LLMFI_WIRE_MORE;
}

static bool reader_feed(void *p, llmf_str in, log_text *log) {
    return reader_take((reader *)p, in, false, log);
}

static void reader_end(void *p, log_text *log) {
    static const char *const errors[] = { ".", "!memory", "!limit", "!bad" };
    reader *r = (reader *)p;
    if (!r->s.error) reader_take(r, llmfi_str("", 0), true, log);
    log_cstr(log, errors[r->s.error]);
    llmfi_sieve_free(&r->s);
    assert_int_equal(heap.used, 0);
}

static const split_ops ops = {reader_begin, reader_feed, reader_end};

static void check_with(reader *r, const char *in, const char *expected) {
    llmfi_heap_init(&heap, block, sizeof block);
    split_all(&ops, r, llmfi_cstr(in), in, expected, strlen(expected));
}

static void check(const llmfi_sieve_row *rows, size_t count, const char *in, const char *expected) {
    reader r;
    memset(&r, 0, sizeof r);
    r.rows = rows;
    r.count = count;
    r.max = 4096;
    r.cap = LLMFI_COUNT(r.to);
    check_with(&r, in, expected);
}

enum { A, B, C, D, E, F };
static const llmfi_sieve_row list[] = {
    { "data[].embedding", LLMFI_TAKE_FLOATS, A }, { "data[].index", LLMFI_TAKE_VALUE, B }, { "data[]", LLMFI_TAKE_END, C }, { "model", LLMFI_TAKE_VALUE, D },
    { "usage.prompt_tokens", LLMFI_TAKE_VALUE, E }, { "error", LLMFI_TAKE_RAW, F }
};
#define LIST list, LLMFI_COUNT(list)

static void test_list(void **state) {
    (void)state;
    check(LIST, "{\"data\":[{\"index\":0,\"embedding\":[0.5,-1,2e1]}],\"model\":\"m\"}", "b=0 a(0.5,-1,20)c;d=m .");
    check(LIST, " {\n  \"data\": [\n    {\n      \"embedding\": [\n        -0.010658385,\n        0.011100195\n      ],\n      \"index\": 1\n    }\n  ]\n}\n ",
          "a(-0.0106583852,0.0111001953)b=1 c;.");
    check(LIST, "{\"data\":[{\"embedding\":\"AAAA\\/w==\"},{\"embedding\":null,\"x\":{\"index\":[1]}}],\"usage\":{\"a\":[{\"prompt_tokens\":1}],\"prompt_tokens\":9}}",
          "a=AAAA\\/w== c;a=null c;e=9 .");
    check(LIST, "{\"data\":[],\"data\":{\"embedding\":[1]},\"model\":{\"id\":\"x\"},\"index\":4}", ".");
    check(LIST, "{\"\\u006dodel\":\"\\u00e9\\n\",\"usage.prompt_tokens\":3}", "d=\\u00e9\\n .");
    check(LIST, "[{\"data\":[{\"embedding\":[1]}]}]", ".");
    check(LIST, "3", ".");
    check(LIST, "{}", ".");
}

static void test_raw(void **state) {
    (void)state;
    check(LIST, "{\"error\":null,\"model\":\"m\"}", "f~null d=m .");
    check(LIST, "{\"error\":{\"a\":[1,{\"b\":\"}\"}]} ,\"model\":1.5}", "f~{\"a\":[1,{\"b\":\"}\"}]} d=1.5 .");
    check(LIST, "{\"error\":\"text\"}", "f~\"text\" .");
    check(LIST, "{\"error\": 12 }", "f~12 .");
}

static void test_bare(void **state) {
    static const llmfi_sieve_row rows[] = { { "", LLMFI_TAKE_FLOATS, A }, { "[]", LLMFI_TAKE_FLOATS, B }, { "error", LLMFI_TAKE_RAW, F } };
    (void)state;
    check(rows, 3, "[1,2.5]", "a(1,2.5).");
    check(rows, 3, " [ [1,2.5] , [3] ]", "b(1,2.5)b(3).");
    check(rows, 3, "[]", ".");
    check(rows, 3, "[[]]", "b().");
    check(rows, 3, "[[[1]]]", "b(!bad");
    check(rows, 3, "{\"error\":[1]}", "f~[1] .");
}

static void test_nested(void **state) {
    static const llmfi_sieve_row rows[] = {
        { "e.float[]", LLMFI_TAKE_FLOATS, A }, { "e[]", LLMFI_TAKE_FLOATS, B }, { "e", LLMFI_TAKE_END, C }, { "a.b.c.d.e.f.g", LLMFI_TAKE_VALUE, D },
        { "a.b.c.d.e.f.g.h.i", LLMFI_TAKE_VALUE, E }
    };
    (void)state;
    check(rows, 5, "{\"e\":[[1],[2,3]]}", "b(1)b(2,3)c;.");
    check(rows, 5, "{\"e\":{\"int8\":[[1]],\"float\":[[4,5],[6,7]]}}", "a(4,5)a(6,7)c;.");
    check(rows, 5, "{\"e\":7,\"a\":{\"b\":{\"c\":{\"d\":{\"e\":{\"f\":{\"g\":true}}}}}}}", "d=true .");
    check(rows, 5, "{\"a\":{\"b\":{\"c\":{\"d\":{\"e\":{\"f\":{\"g\":{\"h\":{\"i\":1}}}}}}}}}", "."); /* deeper than LLMFI_SIEVE_DEPTH: passed over */
}

static void test_room(void **state) {
    reader r;
    (void)state;
    memset(&r, 0, sizeof r);
    r.rows = list;
    r.count = LLMFI_COUNT(list);
    r.max = 4096;
    check_with(&r, "{\"data\":[{\"embedding\":[1,2,3]}]}", "a(3)c;.");
    r.cap = 2;
    check_with(&r, "{\"data\":[{\"embedding\":[1,2]}]}", "a(1,2)c;.");
    check_with(&r, "{\"data\":[{\"embedding\":[1,2,3]}]}", "a(3)c;.");
    check_with(&r, "{\"data\":[{\"embedding\":[1,2,3,4,5]}]}", "a(5)c;.");
    r.grow = true;
    check_with(&r, "{\"data\":[{\"embedding\":[1,2,3,4,5]}]}", "a(1,2,3,4,5)c;.");
    check_with(&r, "{\"data\":[{\"embedding\":[1,2,3,4]}]}", "a(1,2,3,4)c;.");
    check_with(&r, "{\"data\":[{\"embedding\":[1,2,3,4,5,6,7,8,9]}]}", "a(9)c;.");
}

static void test_numbers(void **state) {
    static const llmfi_sieve_row rows[] = { { "", LLMFI_TAKE_FLOATS, A } };
    (void)state;
    check(rows, 1, "[0,-0,1,10,123456789,12345678901234567890]", "a(0,-0,1,10,123456792,1.23456794e+19).");
    check(rows, 1, "[0.1,-0.1,0.000001,1.5e-5,-2E+3,3e0]", "a(0.100000001,-0.100000001,9.99999997e-07,1.49999996e-05,-2000,3).");
    check(rows, 1, "[0.02578446269035339355468750,1.00000005960464477539062500000001]", "a(0.0257844627,1.00000012).");
    check(rows, 1, "[1.000000059604644775390625,1e-46,3.5e38]", "a(!bad");
    check(rows, 1, "[1 , 2\t,\r\n3\n]", "a(1,2,3).");
    check(rows, 1, "[01]", "a(!bad");
    check(rows, 1, "[1.]", "a(!bad");
    check(rows, 1, "[.5]", "a(!bad");
    check(rows, 1, "[+1]", "a(!bad");
    check(rows, 1, "[1,,2]", "a(!bad");
    check(rows, 1, "[1,]", "a(!bad");
    check(rows, 1, "[1 2]", "a(!bad");
    check(rows, 1, "[-]", "a(!bad");
    check(rows, 1, "[1,null]", "a(!bad");
    check(rows, 1, "[1,\"2\"]", "a(!bad");
    check(rows, 1, "[1e]", "a(!bad");
}

static void test_bad(void **state) {
    (void)state;
    check(LIST, "", "!bad");
    check(LIST, "{\"data\":[{\"embedding\":[1,2", "a(!bad");
    check(LIST, "{\"model\":\"m", "!bad");
    check(LIST, "{\"model\":\"m\"", "d=m !bad");
    check(LIST, "{\"model\":\"m\"}x", "d=m !bad");
    check(LIST, "{\"model\":\"m\",}", "d=m !bad");
    check(LIST, "{\"other\":[1,{]}", "!bad");
    check(LIST, "<html>", "!bad");
    check(LIST, "{\"error\":{\"a\":1}", "f~{\"a\":1} !bad");
    check(LIST, "{\"error\":{\"a\":1", "!bad");
}

static void test_limit(void **state) {
    reader r;
    (void)state;
    memset(&r, 0, sizeof r);
    r.rows = list;
    r.count = LLMFI_COUNT(list);
    r.max = 8;
    llmfi_heap_init(&heap, block, sizeof block);
    {
        log_text log = {NULL, 0, 0};
        const char *text = "{\"other\":1,\"model\":\"0123456789\"}"; /* whole it needs no copy; in pieces one that is too long */
        split_run(&ops, &r, llmfi_cstr(text), 0, strlen(text), &log);
        split_expect(&log, "d=0123456789 .", 14, "whole", 0, 0);
        log.len = 0;
        split_run(&ops, &r, llmfi_cstr(text), 0, 1, &log);
        split_expect(&log, "!limit", 6, "in pieces", 0, 1);
        log.len = 0;
        r.max = 4096;
        heap.fail_at = heap.requests + 1;
        split_run(&ops, &r, llmfi_cstr(text), 0, 5, &log);
        split_expect(&log, "!memory", 7, "refused", 0, 5);
        log_free(&log);
    }
}

/* Every place a token may be cut, in a body that is large: little is kept of it. */
static void test_large(void **state) {
    static char text[60000];
    static const llmfi_sieve_row rows[] = { { "v[]", LLMFI_TAKE_FLOATS, A } };
    size_t len = 0, step, i, k;
    reader r;
    (void)state;
    len += (size_t)sprintf(text, "{\"v\":[");
    for (i = 0; i < 20; i++) {
        len += (size_t)sprintf(text + len, i ? ",\n  [" : "[");
        for (k = 0; k < 100; k++) len += (size_t)sprintf(text + len, "%s%.*g", k ? ",  " : " ", (int)(k % 17 + 1), (double)(i * 100 + k) / 3e3 - 0.3);
        len += (size_t)sprintf(text + len, " ]");
    }
    len += (size_t)sprintf(text + len, "]}");
    for (step = 1; step < 300; step += step < 40 ? 1 : 37) {
        size_t at, rows_seen = 0;
        static float to[100];
        memset(&r, 0, sizeof r);
        llmfi_heap_init(&heap, block, sizeof block);
        llmfi_sieve_init(&r.s, &heap, rows, 1, 4096);
        for (at = 0; at < len; at += step) {
            llmf_str in = llmfi_str(text + at, len - at < step ? len - at : step);
            int got;
            while ((got = llmfi_sieve_next(&r.s, &in, at + step >= len)) == LLMFI_WIRE_ITEM) {
                if (r.s.item == LLMFI_SIEVE_OPEN) {
                    r.s.to = to;
                    r.s.cap = 100;
                } else if (r.s.item == LLMFI_SIEVE_CLOSE) {
                    assert_int_equal(r.s.n, 100);
                    for (k = 0; k < 100; k++) {
                        char number[40];
                        sprintf(number, "%.*g", (int)(k % 17 + 1), (double)(rows_seen * 100 + k) / 3e3 - 0.3);
                        assert_true(to[k] == strtof(number, NULL));
                    }
                    rows_seen++;
                }
            }
            assert_int_equal(got, LLMFI_WIRE_MORE);
        }
        assert_int_equal(rows_seen, 20);
        assert_true(llmfi_sieve_done(&r.s));
        assert_true(heap.high <= 512);
        llmfi_sieve_free(&r.s);
        assert_int_equal(heap.used, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list),    cmocka_unit_test(test_raw), cmocka_unit_test(test_bare),  cmocka_unit_test(test_nested), cmocka_unit_test(test_room),
        cmocka_unit_test(test_numbers), cmocka_unit_test(test_bad), cmocka_unit_test(test_limit), cmocka_unit_test(test_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
