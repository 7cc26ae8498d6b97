#include <dirent.h>
#include "split.h"
#include "../../src/wire/sse.h"

typedef struct reader {
    llmfi_sse sse;
    llmfi_heap *heap;
    size_t max_line, max_event;
    bool drop_unclosed, ids;                 /* log the last id beside each event, and retry at the end: for the corpus */
} reader;

static char block[1 << 20];
static llmfi_heap heap;

static void reader_begin(void *p) {
    reader *r = (reader *)p;
    llmfi_sse_init(&r->sse, r->heap, r->max_line, r->max_event);
    r->sse.drop_unclosed = r->drop_unclosed;
}

static void reader_item(reader *r, log_text *log) {
    log_str(log, r->sse.event);
    log_cstr(log, "=");
    log_str(log, r->sse.payload);
    if (r->ids) {
        log_cstr(log, "#");
        log_str(log, llmfi_buf_str(&r->sse.id));
    }
    log_cstr(log, "|");
}

static void reader_error(const reader *r, log_text *log) {
    assert_true(r->sse.error == LLMFI_WIRE_MEMORY || r->sse.error == LLMFI_WIRE_LIMIT);
    log_cstr(log, r->sse.error == LLMFI_WIRE_MEMORY ? "!memory" : "!limit");
}

static bool reader_feed(void *p, llmf_str in, log_text *log) {
    reader *r = (reader *)p;
    int got;
    while ((got = llmfi_sse_next(&r->sse, &in)) == LLMFI_WIRE_ITEM) reader_item(r, log);
    if (got == LLMFI_WIRE_MORE) assert_int_equal(in.len, 0);
    return got == LLMFI_WIRE_MORE;
}

static void reader_end(void *p, log_text *log) {
    reader *r = (reader *)p;
    int got = llmfi_sse_end(&r->sse);
    if (got == LLMFI_WIRE_ITEM) {
        log_cstr(log, "~");
        reader_item(r, log);
        assert_int_equal(llmfi_sse_end(&r->sse), LLMFI_WIRE_MORE);
    } else if (got == LLMFI_WIRE_ERROR) {
        llmf_str none = llmfi_str("", 0);
        reader_error(r, log);
        assert_int_equal(llmfi_sse_next(&r->sse, &none), LLMFI_WIRE_ERROR);
    }
    if (r->ids && r->sse.retry_ms >= 0) log_number(log, (uint64_t)r->sse.retry_ms);
    llmfi_sse_free(&r->sse);
    assert_int_equal(r->heap->used, 0);
}

static const split_ops ops = {reader_begin, reader_feed, reader_end};

static void reader_make(reader *r) {
    memset(r, 0, sizeof *r);
    llmfi_heap_init(&heap, block, sizeof block);
    r->heap = &heap;
}

static void check(reader *r, llmf_str bytes, const char *expected) {
    split_all(&ops, r, bytes, bytes.ptr, expected, strlen(expected));
}

/* ---- a table: what comes in, and name=data| of each event; ~ before one that only the end of the input closed ---- */

static const struct {
    const char *in;
    const char *kept, *dropped;              /* expected without and with drop_unclosed; dropped NULL: the same */
} table[] = {
    {"", "", NULL},
    {"\n\n\r\r\n", "", NULL},
    {"data: {\"a\":1}\n\n", "={\"a\":1}|", NULL},
    {"data:x\n\ndata:y\n\n", "=x|=y|", NULL},
    {"data:x\r\n\r\ndata:y\r\n\r\n", "=x|=y|", NULL},
    {"data:x\r\rdata:y\r\r", "=x|=y|", NULL},
    {"data:x\r\n\ndata:y\n\r\ndata:z\r\n\r", "=x|=y|=z|", NULL},
    {"data: a\ndata: b\ndata\ndata:\ndata:  c\n\n", "=a\nb\n\n\n c|", NULL},
    {"data: a\rdata: b\r\ndata: c\n\n", "=a\nb\nc|", NULL},
    {"data\n\n", "=|", NULL},
    {"data\ndata\n\n", "=\n|", NULL},
    {"data:\n\n", "=|", NULL},
    {"event: ping\ndata: {}\n\ndata: 2\n\n", "ping={}|=2|", NULL},
    {"event: a\nevent: b\ndata: 1\n\n", "b=1|", NULL},
    {"event: a\nevent\ndata: 1\n\n", "=1|", NULL},
    {"event: lost\n\ndata: 1\n\n", "=1|", NULL},
    {"data: 1\nevent: late\n\n", "late=1|", NULL},
    {": ping\n\n:\n:data: no\ndata: 1\n: mid\ndata: 2\n\n", "=1\n2|", NULL},
    {"\xEF\xBB\xBF" "data: 1\n\n\xEF\xBB\xBF" "data: 2\n\n", "=1|", NULL},
    {"\xEF\xBB\xBF\xEF\xBB\xBF" "data: 1\n\n", "", NULL},
    {"\xEF\xBB" "data: 1\n\ndata: 2\n\n", "=2|", NULL},
    {"\xEF\xBB\xBF\ndata: 2\n\n", "=2|", NULL},
    {" data: 1\nDATA: 2\ndat: 3\ndataa: 4\n:data\ndat a:5\ndata : 6\ndata: 7\n\n", "=7|", NULL},
    {"data: a:b: c\n\n", "=a:b: c|", NULL},
    {"id:a:b\ndata: 1\n\n", "=1|", NULL},
    {"data: 1", "~=1|", ""},
    {"data: 1\n", "~=1|", ""},
    {"data: 1\r", "~=1|", ""},
    {"data: 1\r\n", "~=1|", ""},
    {"data: 1\ndata: 2", "~=1\n2|", ""},
    {"data: 1\n\ndata: 2\nevent: hal", "=1|~=2|", "=1|"},
    {"event: e\ndata: 2\nfoo", "~e=2|", ""},
    {"data: 1\n\nevent: e\n", "=1|", NULL},
    {"data: 1\n\ndata", "=1|~=|", "=1|"},
    {"data: 1\n\ndat", "=1|", NULL},
    {"\xEF\xBB\xBF" "data: 1", "~=1|", ""},
    {"ix: 1\ndats: 2\nevens: 3\nretri: 4\ndata: 5\n\n", "=5|", NULL},
    {"data: 1\n\ndats", "=1|", NULL},
    {": cut comment", "", NULL},
};

static void test_table(void **state) {
    size_t i;
    reader r;
    (void)state;
    reader_make(&r);
    for (i = 0; i < LLMFI_COUNT(table); i++) {
        r.drop_unclosed = false;
        check(&r, llmfi_cstr(table[i].in), table[i].kept);
        r.drop_unclosed = true;
        check(&r, llmfi_cstr(table[i].in), table[i].dropped ? table[i].dropped : table[i].kept);
    }
}

/* ---- the fields that are no event: comments, id, retry, the name's length ---- */

#define ROW(text) text, sizeof text - 1

static void test_fields(void **state) {
    static const struct {
        const char *in;
        size_t len;
        int64_t retry;
        const char *id;
        uint64_t comments;
    } rows[] = {
        {ROW("retry: 1500\n"), 1500, "", 0},
        {ROW("retry: 1500\nretry: x\nretry\nretry: 1 \nretry:\n"), 1500, "", 0},
        {ROW("retry: 999999999999999999\n"), 999999999999999999, "", 0},
        {ROW("retry: 99999999999999999999999\n"), 999999999999999999, "", 0},
        {ROW("id: a\nid: b\n\n"), -1, "b", 0},
        {ROW("id: a\nid\n\n"), -1, "", 0},
        {ROW("id: a\nid: b\0" "c\n\n"), -1, "a", 0},
        {ROW(": 1\n:\n\n: 3\ndata: x\n:4\n"), -1, "", 4},
    };
    size_t i, cut;
    (void)state;
    llmfi_heap_init(&heap, block, sizeof block);
    for (i = 0; i < LLMFI_COUNT(rows); i++)
        for (cut = 0; cut < rows[i].len; cut++) {
            llmfi_sse s;
            llmf_str a = llmfi_str(rows[i].in, cut), b = llmfi_str(rows[i].in + cut, rows[i].len - cut);
            llmfi_sse_init(&s, &heap, 0, 0);
            assert_int_equal(llmfi_sse_next(&s, &a), LLMFI_WIRE_MORE);
            assert_int_equal(llmfi_sse_next(&s, &b), LLMFI_WIRE_MORE);
            assert_true(s.retry_ms == rows[i].retry);
            assert_true(s.comments == rows[i].comments);
            assert_true(llmfi_eq(llmfi_buf_str(&s.id), llmfi_cstr(rows[i].id)));
            llmfi_sse_free(&s);
        }
}

static void test_long_name(void **state) {
    char in[200], expected[200];
    size_t len;
    reader r;
    (void)state;
    reader_make(&r);
    for (len = LLMFI_SSE_NAME - 1; len <= LLMFI_SSE_NAME + 1; len++) {
        char name[LLMFI_SSE_NAME + 2];
        memset(name, 'n', sizeof name);
        snprintf(in, sizeof in, "event:%.*s\ndata:1\n\ndata:2\n\n", (int)len, name);
        snprintf(expected, sizeof expected, "%.*s=1|=2|", (int)(len < LLMFI_SSE_NAME ? len : LLMFI_SSE_NAME), name);
        check(&r, llmfi_cstr(in), expected);
    }
}

/* ---- limits ---- */

static void test_line_limit(void **state) {
    static const char *const ends[] = {"\n\n", "\r\n\r\n", "\r\r"};
    char in[64], expected[64];
    size_t e, len;
    reader r;
    (void)state;
    reader_make(&r);
    r.max_line = 16;
    for (e = 0; e < 3; e++)
        for (len = 15; len <= 17; len++) {
            snprintf(in, sizeof in, "data:1\n\ndata: %.*s%s", (int)len - 6, "abcdefghijklmnop", ends[e]);
            snprintf(expected, sizeof expected, len <= 16 ? "=1|=%.*s|" : "=1|!limit", (int)len - 6, "abcdefghijklmnop");
            check(&r, llmfi_cstr(in), expected);
        }
    check(&r, LLMFI_LIT(":234567890123456\n\n"), "");
    check(&r, LLMFI_LIT(":2345678901234567\n\n"), "!limit");
    check(&r, LLMFI_LIT("data: 1\n:2345678901234567"), "!limit");
}

static void test_event_limit(void **state) {
    reader r;
    (void)state;
    reader_make(&r);
    r.max_event = 8;
    check(&r, LLMFI_LIT("data:1234567\n\n"), "=1234567|");
    check(&r, LLMFI_LIT("data:12345678\n\n"), "=12345678|");
    check(&r, LLMFI_LIT("data:123456789\n\n"), "!limit");
    check(&r, LLMFI_LIT("data:123\ndata:456\n\n"), "=123\n456|");
    check(&r, LLMFI_LIT("data:123\ndata:4567\n\n"), "=123\n4567|");
    check(&r, LLMFI_LIT("data:123\ndata:45678\n\n"), "!limit");
    check(&r, LLMFI_LIT("data:12345678\ndata:\n\n"), "!limit");
    check(&r, LLMFI_LIT("data:1234567\ndata:\n\n"), "=1234567\n|");
    check(&r, LLMFI_LIT("data:\n\ndata:123456789"), "=|!limit");
}

/* ---- memory ---- */

static const char fed[] = "event: name\nid: 77\ndata: a long first line that needs more than one unit of the heap to be kept, surely so\n"
                          "data: and a second one, so that the two have to be joined into one piece of memory somewhere else\n\n"
                          "data: another event with one line that the pieces break, longer than a unit of the heap is by itself\n\ndata: 3\n\n";

/* Each request refused, once and from then on: the events before it are as ever, then the error, and nothing leaks. */
static void test_memory_refused(void **state) {
    static const size_t steps[] = {1, 3, 50, 110, sizeof fed - 1};
    llmf_str bytes = llmfi_str(fed, sizeof fed - 1);
    size_t s, refused = 0;
    int on;
    (void)state;
    for (s = 0; s < LLMFI_COUNT(steps); s++)
        for (on = 0; on < 2; on++) {
            uint64_t n;
            bool hit = true;
            log_text good = {NULL, 0, 0}, log = {NULL, 0, 0};
            reader r;
            reader_make(&r);
            split_run(&ops, &r, bytes, 0, steps[s], &good);
            for (n = 1; hit; n++) {
                reader_make(&r);
                heap.fail_at = n;
                heap.fail_on = on != 0;
                log.len = 0;
                split_run(&ops, &r, bytes, 0, steps[s], &log);
                hit = heap.requests >= n;
                if (hit) {
                    assert_true(log.len >= 7 && !memcmp(log.ptr + log.len - 7, "!memory", 7));
                    assert_memory_equal(log.ptr, good.ptr, log.len - 7);
                    refused++;
                } else {
                    split_expect(&log, good.ptr, good.len, "nothing refused", 0, steps[s]);
                }
            }
            log_free(&good);
            log_free(&log);
        }
    assert_true(refused > 20);
}

/* An event that lies whole in the input is a view into it and asks for no memory, CRLF or LF, also behind events that did not. */
static void test_zero_copy(void **state) {
    static const char text[] = "event: e\ndata: {\"x\":1}\n\ndata: {\"x\":2}\r\n\r\n: c\ndata: {\"x\":3}\n\n";
    llmf_str in = llmfi_str(text, sizeof text - 1);
    llmfi_sse s;
    int count = 0;
    (void)state;
    llmfi_heap_init(&heap, block, sizeof block);
    llmfi_sse_init(&s, &heap, 0, 0);
    while (llmfi_sse_next(&s, &in) == LLMFI_WIRE_ITEM) {
        count++;
        assert_true(s.payload.ptr > text && s.payload.ptr + s.payload.len < text + sizeof text);
        assert_int_equal(s.payload.len, 7);
        assert_int_equal(s.payload.ptr[5], '0' + count);
        assert_true(in.ptr > s.payload.ptr && in.ptr <= s.payload.ptr + 7 + 4);
    }
    assert_int_equal(count, 3);
    assert_true(heap.requests == 0);
    llmfi_sse_free(&s);
}

/* What one huge event took goes back to the heap when it is over. */
static void test_memory_goes_back(void **state) {
    static char big[200000];
    llmf_str a, b, c = LLMFI_LIT("data: 1\n\n"), d;
    llmfi_sse s;
    (void)state;
    memset(big, 'x', sizeof big);
    memcpy(big, "data:", 5);
    memcpy(big + 100000, "\ndata:", 6);
    memcpy(big + sizeof big - 2, "\n\n", 2);
    llmfi_heap_init(&heap, block, sizeof block);
    llmfi_sse_init(&s, &heap, 0, 0);
    a = llmfi_str(big, 50000);
    b = llmfi_str(big + 50000, 100000);
    d = llmfi_str(big + 150000, 50000);
    assert_int_equal(llmfi_sse_next(&s, &a), LLMFI_WIRE_MORE);
    assert_int_equal(llmfi_sse_next(&s, &b), LLMFI_WIRE_MORE);
    assert_int_equal(llmfi_sse_next(&s, &d), LLMFI_WIRE_ITEM);
    assert_int_equal(s.payload.len, sizeof big - 2 - 5 - 5);
    assert_int_equal(llmfi_sse_next(&s, &c), LLMFI_WIRE_ITEM);
    assert_true(heap.used <= 2 * LLMF_WIRE_KEEP);
    llmfi_sse_free(&s);
    assert_int_equal(heap.used, 0);
}

/* Time grows with the bytes: a megabyte of blank CR lines, and half a million data lines of one event. */
static void test_hostile_shapes(void **state) {
    static char cr[1 << 20];
    static char big_block[8 << 20];
    llmf_str in = llmfi_str(cr, sizeof cr), line = LLMFI_LIT("data:x\n"), end = LLMFI_LIT("\n");
    llmfi_sse s;
    size_t i;
    (void)state;
    memset(cr, '\r', sizeof cr);
    llmfi_heap_init(&heap, big_block, sizeof big_block);
    llmfi_sse_init(&s, &heap, 0, 0);
    assert_int_equal(llmfi_sse_next(&s, &in), LLMFI_WIRE_MORE);
    for (i = 0; i < 500000; i++) {
        llmf_str again = line;
        assert_int_equal(llmfi_sse_next(&s, &again), LLMFI_WIRE_MORE);
    }
    assert_int_equal(llmfi_sse_next(&s, &end), LLMFI_WIRE_ITEM);
    assert_int_equal(s.payload.len, 2 * 500000 - 1);
    llmfi_sse_free(&s);
}

/* ---- the corpus: ../shared/corpora/sse ---- */

static llmf_str load(const char *dir, const char *name, const char *file) {
    char path[1024];
    FILE *f;
    long size;
    char *bytes;
    snprintf(path, sizeof path, "%s/%s/%s", dir, name, file);
    f = fopen(path, "rb");
    assert_non_null(f);
    fseek(f, 0, SEEK_END);
    size = ftell(f);
    fseek(f, 0, SEEK_SET);
    bytes = (char *)malloc((size_t)size + 1);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, (size_t)size, f), (size_t)size);
    bytes[size] = 0;
    fclose(f);
    return llmfi_str(bytes, (size_t)size);
}

static unsigned hex4(const char *p) {
    char digits[5];
    memcpy(digits, p, 4);
    digits[4] = 0;
    return (unsigned)strtoul(digits, NULL, 16);
}

static void log_utf8(log_text *log, unsigned c) {
    char b[4];
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4, i;
    for (i = n - 1; i > 0; i--, c >>= 6) b[i] = (char)(0x80 | (c & 63));
    b[0] = (char)(n == 1 ? c : (0xF00u >> n & 0xF0u) | c);
    log_bytes(log, b, n);
}

/* Decodes the JSON string that begins behind its quote; returns what stands behind its end. */
static const char *json_text(const char *p, log_text *log) {
    static const char from[] = "nrtbf", to[] = "\n\r\t\b\f";
    for (; *p != '"'; p++) {
        const char *at;
        if (*p != '\\') {
            log_bytes(log, p, 1);
        } else if (*++p == 'u') {
            unsigned c = hex4(p + 1);
            p += 4;
            if (c >= 0xD800 && c < 0xDC00) {
                c = 0x10000 + ((c - 0xD800) << 10) + (hex4(p + 3) - 0xDC00);
                p += 6;
            }
            log_utf8(log, c);
        } else {
            at = strchr(from, *p);
            log_bytes(log, at ? to + (at - from) : p, 1);
        }
    }
    return p + 1;
}

/* The member's string value, behind `from`; NULL when there is no further member of that name. */
static const char *json_member(const char *from, const char *name, log_text *log) {
    const char *p = from ? strstr(from, name) : NULL;
    if (!p) return NULL;
    p = strchr(p + strlen(name), '"');
    assert_non_null(p);
    return json_text(p + 1, log);
}

static void expected_log(const char *json, log_text *log) {
    const char *p = strstr(json, "\"events\""), *retry = strstr(json, "\"retry\": ");
    log_text name = {NULL, 0, 0};
    assert_non_null(p);
    assert_non_null(retry);
    log_bytes(log, "", 0);
    for (;;) {
        name.len = 0;
        p = json_member(p, "\"event\":", &name);
        if (!p) break;
        if (name.len != 7 || memcmp(name.ptr, "message", 7)) log_bytes(log, name.ptr, name.len);
        log_cstr(log, "=");
        p = json_member(p, "\"data\":", log);
        log_cstr(log, "#");
        p = json_member(p, "\"lastEventId\":", log);
        log_cstr(log, "|");
    }
    if (llmfi_is_digit(retry[9])) log_number(log, strtoull(retry + 9, NULL, 10));
    log_free(&name);
}

static void corpus_case(reader *r, const char *dir, const char *name, size_t *runs) {
    llmf_str in = load(dir, name, "in.bin"), json = load(dir, name, "expected.json");
    log_text expected = {NULL, 0, 0};
    /* A body of another type is the HTTP client's to refuse: here it only has to be the same at each split. */
    if (strstr(json.ptr, "\"must_reject_mime\": true")) split_run(&ops, r, in, 0, in.len ? in.len : 1, &expected);
    else expected_log(json.ptr, &expected);
    *runs += split_all(&ops, r, in, name, expected.ptr ? expected.ptr : "", expected.len);
    log_free(&expected);
    free((char *)(uintptr_t)in.ptr);
    free((char *)(uintptr_t)json.ptr);
}

static void test_corpus(void **state) {
    const char *shared = getenv("LLMF_SHARED");
    char dir[900];
    DIR *d;
    struct dirent *entry;
    size_t cases = 0, runs = 0;
    reader r;
    (void)state;
    snprintf(dir, sizeof dir, "%s/corpora/sse/cases", shared ? shared : "../shared");
    d = opendir(dir);
    if (!d) skip();
    reader_make(&r);
    r.drop_unclosed = r.ids = true;
    while ((entry = readdir(d)) != NULL) {
        if (entry->d_name[0] == '.') continue;
        corpus_case(&r, dir, entry->d_name, &runs);
        cases++;
    }
    closedir(d);
    print_message("corpora/sse: %zu cases, %zu runs\n", cases, runs);
    assert_true(cases > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table), cmocka_unit_test(test_fields), cmocka_unit_test(test_long_name),
        cmocka_unit_test(test_line_limit), cmocka_unit_test(test_event_limit), cmocka_unit_test(test_memory_refused),
        cmocka_unit_test(test_zero_copy), cmocka_unit_test(test_memory_goes_back), cmocka_unit_test(test_hostile_shapes),
        cmocka_unit_test(test_corpus),
    };
    return cmocka_run_group_tests_name("sse", tests, NULL, NULL);
}
