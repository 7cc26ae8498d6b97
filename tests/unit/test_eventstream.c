#include "corpus.h"
#include "split.h"
#include "../../src/base/json_tree.h"
#include "../../src/wire/eventstream.h"
#include "frames.h"

typedef struct reader {
    llmfi_eventstream es;
    size_t max_frame;
} reader;

static char block[1 << 21];
static llmfi_heap heap;
static const char hex[] = "0123456789abcdef";

static void log_hex(log_text *log, llmf_str s) {
    size_t i;
    for (i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        log_bytes(log, hex + (c >> 4), 1);
        log_bytes(log, hex + (c & 15), 1);
    }
}

/* "name 7 hex;…payload|" */
static void log_item(log_text *log, const llmfi_eventstream *es) {
    llmf_str headers = es->headers;
    llmfi_event_header h;
    while (llmfi_event_header_next(&headers, &h) > 0) {
        log_str(log, h.name);
        log_cstr(log, " ");
        log_number(log, (uint64_t)h.type);
        log_cstr(log, " ");
        log_hex(log, h.value);
        log_cstr(log, ";");
    }
    assert_int_equal(headers.len, 0);
    log_str(log, es->payload);
    log_cstr(log, "|");
}

static void reader_begin(void *p) {
    reader *r = (reader *)p;
    llmfi_eventstream_init(&r->es, &heap, r->max_frame);
}

static bool reader_feed(void *p, llmf_str in, log_text *log) {
    reader *r = (reader *)p;
    int got;
    while ((got = llmfi_eventstream_next(&r->es, &in)) == LLMFI_WIRE_ITEM) log_item(log, &r->es);
    if (got == LLMFI_WIRE_MORE) assert_int_equal(in.len, 0);
    return got == LLMFI_WIRE_MORE;
}

static void reader_end(void *p, log_text *log) {
    static const char *const errors[] = { "", "!memory", "!limit", "!bad" };
    reader *r = (reader *)p;
    llmf_str none = llmfi_str("", 0);
    log_cstr(log, errors[r->es.error]);
    assert_int_equal(llmfi_eventstream_next(&r->es, &none), r->es.error ? LLMFI_WIRE_ERROR : LLMFI_WIRE_MORE);
    llmfi_eventstream_free(&r->es);
    assert_int_equal(heap.used, 0);
}

static const split_ops ops = { reader_begin, reader_feed, reader_end };

static void check(size_t max_frame, const void *bytes, size_t len, const char *name, const char *expected) {
    reader r;
    r.max_frame = max_frame;
    llmfi_heap_init(&heap, block, sizeof block);
    split_all(&ops, &r, llmfi_str((const char *)bytes, len), name, expected, strlen(expected));
}

/* ---- frames of our own ---- */

static unsigned char frames[1 << 17];

static void test_frames(void **state) {
    size_t n = frame_put(frames, llmfi_str("", 0), llmfi_str("", 0));
    (void)state;
    check(0, frames, n, "empty", "|");
    n += frame_event(frames + n, "event", "messageStop", "{}");
    n += frame_put(frames + n, llmfi_str("", 0), LLMFI_LIT("a\0b"));
    check(0, frames, n - 3, "cut", "|:event-type 7 6d65737361676553746f70;:content-type 7 6170706c69636174696f6e2f6a736f6e;:message-type 7 6576656e74;{}|");
    check(0, "", 0, "nothing", "");
    check(0, "\0\0", 2, "two bytes", "");
}

/* Every type of header is passed over by its length, and a text behind it found. */
static void test_headers(void **state) {
    static const char all[] = "\1a\0" "\1b\1" "\1c\2\xcf" "\1d\3\1\2" "\1e\4\1\2\3\4" "\1f\5\1\2\3\4\5\6\7\10" "\1g\6\0\2\7\7" "\1h\7\0\0" "\1i\10\1\2\3\4\5\6\7\10"
                              "\1j\11\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17\20" "\1k\7\0\3yes" "\1k\7\0\2no";
    size_t n = frame_put(frames, llmfi_str(all, sizeof all - 1), LLMFI_LIT("p"));
    llmfi_eventstream s;
    llmf_str in = llmfi_str((const char *)frames, n);
    (void)state;
    check(0, frames, n, "all headers",
          "a 0 ;b 1 ;c 2 cf;d 3 0102;e 4 01020304;f 5 0102030405060708;g 6 0707;h 7 ;i 8 0102030405060708;j 9 0102030405060708090a0b0c0d0e0f10;"
          "k 7 796573;k 7 6e6f;p|");
    llmfi_heap_init(&heap, block, sizeof block);
    llmfi_eventstream_init(&s, &heap, 0);
    assert_int_equal(llmfi_eventstream_next(&s, &in), LLMFI_WIRE_ITEM);
    assert_true(LLMFI_IS(llmfi_eventstream_header(&s, LLMFI_LIT("k")), "yes"));
    assert_int_equal(llmfi_eventstream_header(&s, LLMFI_LIT("h")).len, 0);
    assert_int_equal(llmfi_eventstream_header(&s, LLMFI_LIT("g")).len, 0); /* bytes are no text */
    assert_int_equal(llmfi_eventstream_header(&s, LLMFI_LIT("x")).len, 0);
    assert_int_equal(heap.requests, 0); /* a frame that is whole is a view */
}

/* Checksums that are right over what is wrong. */
static void test_bad_frames(void **state) {
    static const struct {
        const char *headers;
        size_t len;
    } bad[] = {
        { "\0", 1 }, { "\0\0", 2 }, { "\0\7\0\0", 4 }, { "\1", 1 }, { "\1a", 2 }, { "\1a\12", 3 }, { "\1a\377", 3 }, { "\2a\0", 3 }, { "\1a\2", 3 }, { "\1a\3\1", 4 },
        { "\1a\4\1\2\3", 6 }, { "\1a\5\1\2\3\4\5\6\7", 10 }, { "\1a\6\0", 4 }, { "\1a\7\0\2x", 6 }, { "\1a\7\377\377x", 6 }, { "\1a\10\1", 4 }, { "\1a\11\1", 4 },
        { "\377a\0", 3 }, { "\1a\0\1", 4 },
    };
    size_t i, n;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(bad); i++) {
        n = frame_put(frames, llmfi_str(bad[i].headers, bad[i].len), LLMFI_LIT("p"));
        check(0, frames, n, "headers", "!bad");
    }
    n = frame_put(frames, llmfi_str("", 0), LLMFI_LIT("payload"));
    frame_u32(frames, 15); /* shorter than the least */
    frame_seal(frames, n);
    check(0, frames, n, "total", "!bad");
    frame_u32(frames, 0);
    frame_seal(frames, n);
    check(0, frames, n, "no total", "!bad");
    frame_u32(frames, n);
    frame_u32(frames + 4, 8); /* headers that reach into the checksum */
    frame_seal(frames, n);
    check(0, frames, n, "headers length", "!bad");
    frame_u32(frames + 4, 0xffffffff);
    frame_seal(frames, n);
    check(0, frames, n, "headers length", "!bad");
}

static void test_limit(void **state) {
    size_t n = frame_put(frames, llmfi_str("", 0), LLMFI_LIT("12345678"));
    (void)state;
    check(n + 1, frames, n, "limit + 1", "12345678|");
    check(n, frames, n, "limit", "12345678|");
    check(n - 1, frames, n, "limit - 1", "!limit");
    frame_u32(frames, 0xffffffff); /* 4 GiB are announced: told with the prelude, and nothing is asked of the heap but that */
    frame_seal(frames, n);
    check(0, frames, 12, "4 GiB", "!limit");
    assert_true(heap.high <= 64);
}

static void test_memory(void **state) {
    size_t n = frame_event(frames, "event", "a", "{\"text\":\"a frame longer than one unit of the heap, so that the buffer has to grow\"}");
    uint64_t nth;
    (void)state;
    n += frame_put(frames + n, llmfi_str("", 0), LLMFI_LIT("b"));
    for (nth = 1; nth <= 2; nth++) {
        log_text log = { NULL, 0, 0 };
        reader r;
        r.max_frame = 0;
        llmfi_heap_init(&heap, block, sizeof block);
        heap.fail_at = nth;
        split_run(&ops, &r, llmfi_str((const char *)frames, n), 20, 30, &log);
        split_expect(&log, "!memory", 7, "memory", 20, 30);
        log_free(&log);
    }
}

static void test_memory_goes_back(void **state) {
    static char payload[100000];
    llmfi_eventstream s;
    llmf_str a, b;
    size_t n;
    (void)state;
    memset(payload, 'x', sizeof payload);
    n = frame_put(frames, llmfi_str("", 0), llmfi_str(payload, sizeof payload));
    a = llmfi_str((const char *)frames, 60000);
    b = llmfi_str((const char *)frames + 60000, n - 60000);
    llmfi_heap_init(&heap, block, sizeof block);
    llmfi_eventstream_init(&s, &heap, 0);
    assert_int_equal(llmfi_eventstream_next(&s, &a), LLMFI_WIRE_MORE);
    assert_int_equal(llmfi_eventstream_next(&s, &b), LLMFI_WIRE_ITEM);
    assert_int_equal(s.payload.len, sizeof payload);
    assert_int_equal(llmfi_eventstream_next(&s, &b), LLMFI_WIRE_MORE);
    assert_int_equal(heap.used, 0);
}

/* ---- any one bit, any one end ---- */

/* What bytes give in pieces of `step`: how many items, and the error. */
static int read_all(const unsigned char *bytes, size_t len, size_t step, size_t *items) {
    llmfi_eventstream s;
    size_t at, n;
    int got = LLMFI_WIRE_MORE, error;
    *items = 0;
    llmfi_heap_init(&heap, block, sizeof block);
    llmfi_eventstream_init(&s, &heap, 0);
    for (at = 0; at < len && got == LLMFI_WIRE_MORE; at += n) {
        llmf_str in;
        n = step < len - at ? step : len - at;
        in = llmfi_str((const char *)bytes + at, n);
        while ((got = llmfi_eventstream_next(&s, &in)) == LLMFI_WIRE_ITEM) ++*items;
    }
    error = s.error;
    llmfi_eventstream_free(&s);
    assert_int_equal(heap.used, 0);
    return error;
}

/* A good frame with one bit flipped is refused, whole and byte by byte; and each front of it is no frame and no error. */
static void harm(const unsigned char *frame, size_t len) {
    unsigned char *bad = (unsigned char *)malloc(len);
    size_t bit, cut, items;
    assert_non_null(bad);
    assert_int_equal(read_all(frame, len, len, &items), LLMFI_WIRE_FINE);
    assert_int_equal(items, 1);
    for (bit = 0; bit < len * 8; bit++) {
        memcpy(bad, frame, len);
        bad[bit / 8] = (unsigned char)(bad[bit / 8] ^ 1 << bit % 8);
        assert_int_equal(read_all(bad, len, len, &items), LLMFI_WIRE_BAD);
        assert_int_equal(items, 0);
        assert_int_equal(read_all(bad, len, 1, &items), LLMFI_WIRE_BAD);
        assert_int_equal(items, 0);
    }
    for (cut = 0; cut < len; cut++) {
        assert_int_equal(read_all(frame, cut, len, &items), LLMFI_WIRE_FINE);
        assert_int_equal(items, 0);
    }
    free(bad);
}

static void test_harm(void **state) {
    size_t n = frame_event(frames, "event", "contentBlockDelta", "{\"contentBlockIndex\":0,\"delta\":{\"text\":\"Hello\"},\"p\":\"abcdefgh\"}");
    (void)state;
    harm(frames, n);
    n = frame_put(frames, llmfi_str("", 0), llmfi_str("", 0));
    harm(frames, n);
}

/* ---- the vectors ---- */

/* The message as the vectors' JSON has it: {"headers": [{"name","type","value"}], "payload": base64}, as a log. */
static void decoded(llmf_str json, log_text *log) {
    static char kept[1 << 16];
    llmfi_heap own;
    llmfi_arena arena;
    llmfi_parse_error bad;
    const llmfi_node *n, *h;
    char bytes[4096];
    size_t len;
    llmfi_heap_init(&own, kept, sizeof kept);
    llmfi_arena_init(&arena, &own, 0);
    n = llmfi_json_parse(&arena, json, &bad, false);
    assert_non_null(n);
    h = llmfi_member(n, LLMFI_LIT("headers"));
    for (h = h ? h->child : NULL; h; h = h->next) {
        const llmfi_node *type = llmfi_member(h, LLMFI_LIT("type")), *value = llmfi_member(h, LLMFI_LIT("value"));
        static const int sizes[] = { 0, 0, 1, 2, 4, 8, -1, -1, 8, -1 };
        int64_t t, v = 0;
        assert_true(llmfi_parse_int(type->text, &t) && t < LLMFI_HEADER_TYPES);
        len = 0;
        if (sizes[t] < 0) {
            assert_true(llmfi_base64_decode(value->text, bytes, sizeof bytes, &len));
        } else if (sizes[t] > 0) {
            assert_true(llmfi_parse_int(value->text, &v));
            for (len = 0; len < (size_t)sizes[t]; len++) bytes[len] = (char)((uint64_t)v >> 8 * ((size_t)sizes[t] - 1 - len));
        }
        log_str(log, llmfi_member(h, LLMFI_LIT("name"))->text);
        log_cstr(log, " ");
        log_number(log, (uint64_t)t);
        log_cstr(log, " ");
        log_hex(log, llmfi_str(bytes, len));
        log_cstr(log, ";");
    }
    assert_true(llmfi_base64_decode(llmfi_member(n, LLMFI_LIT("payload"))->text, bytes, sizeof bytes, &len));
    log_bytes(log, bytes, len);
    log_cstr(log, "|");
}

static const char *vectors;

static void good_vector(const char *name, llmf_str frame) {
    char path[512];
    llmf_str json;
    log_text log = { NULL, 0, 0 };
    reader r;
    snprintf(path, sizeof path, "%s/decoded/positive/%s", vectors, name);
    json = corpus_read(corpus_path(path));
    assert_non_null(json.ptr);
    decoded(json, &log);
    free((char *)(uintptr_t)json.ptr);
    r.max_frame = 0;
    llmfi_heap_init(&heap, block, sizeof block);
    split_all(&ops, &r, frame, name, log.ptr, log.len);
    harm((const unsigned char *)frame.ptr, frame.len);
    log_free(&log);
}

static void bad_vector(const char *name, llmf_str frame) {
    check(0, frame.ptr, frame.len, name, "!bad");
}

static void run_vectors(const char *folder) {
    char path[512];
    int good, bad;
    vectors = folder;
    snprintf(path, sizeof path, "%s/encoded/positive", folder);
    good = corpus_each(path, good_vector);
    snprintf(path, sizeof path, "%s/encoded/negative", folder);
    bad = corpus_each(path, bad_vector);
    if (!good && !bad) skip();
    print_message("%d good and %d bad frames\n", good, bad);
    assert_true(good >= 5 && bad >= 4);
}

static void test_vectors(void **state) {
    (void)state;
    run_vectors("corpora/aws-eventstream/vectors");
}

static void test_vectors_of_go(void **state) {
    (void)state;
    run_vectors("corpora/aws-eventstream/vectors-smithy-go");
}

/* Names tell: valid_… and invalid_…, some of which have right checksums over wrong headers. */
static void rust_vector(const char *name, llmf_str frame) {
    size_t items;
    int error = read_all((const unsigned char *)frame.ptr, frame.len, frame.len, &items);
    bool good = strncmp(name, "valid_", 6) == 0;
    if ((error == LLMFI_WIRE_FINE && items == 1) != good) {
        print_error("%s: error %d, %zu items\n", name, error, items);
        fail();
    }
    if (!good) check(0, frame.ptr, frame.len, name, "!bad");
    else harm((const unsigned char *)frame.ptr, frame.len);
}

static void test_vectors_of_rust(void **state) {
    int count = corpus_each("specs/aws/eventstream-vectors-rust", rust_vector);
    (void)state;
    if (!count) skip();
    assert_true(count >= 11);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames), cmocka_unit_test(test_headers), cmocka_unit_test(test_bad_frames), cmocka_unit_test(test_limit), cmocka_unit_test(test_memory),
        cmocka_unit_test(test_memory_goes_back), cmocka_unit_test(test_harm), cmocka_unit_test(test_vectors), cmocka_unit_test(test_vectors_of_go),
        cmocka_unit_test(test_vectors_of_rust),
    };
    return cmocka_run_group_tests_name("eventstream", tests, NULL, NULL);
}
