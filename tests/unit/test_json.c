/* The JSON reader, writer and tree: tokens and errors, the same at every split; the JSONTestSuite and our choices in it. */
#include "corpus.h"
#include "../../src/base/json_tree.h"

static char block[1 << 22];
static llmfi_heap heap;

/* ---- a log of tokens, to compare one reading with another ---- */

typedef struct trace {
    char text[1 << 16];
    size_t len;
    int result;                              /* END, ERROR, or MORE */
    uint64_t error_offset;
} trace;

static void trace_bytes(trace *t, const char *bytes, size_t len) {
    if (len > sizeof t->text - t->len) len = sizeof t->text - t->len;
    if (len) memcpy(t->text + t->len, bytes, len);
    t->len += len;
}

static void trace_token(trace *t, const llmfi_json *j, int token) {
    static const char marks[] = "?0ft#sk{}[].";
    char text[3];
    text[0] = marks[token];
    text[1] = (char)('0' + j->depth % 10);
    text[2] = token == LLMFI_J_STRING || token == LLMFI_J_KEY ? (char)('0' + j->escaped + 2 * llmfi_json_plain(j)) : ' ';
    trace_bytes(t, text, 3);
    if (token == LLMFI_J_STRING || token == LLMFI_J_KEY || token == LLMFI_J_NUMBER) trace_bytes(t, j->text.ptr, j->text.len);
    trace_bytes(t, "\n", 1);
}

/* Reads `text` in the pieces that end at ends[0..count), each in an allocation of exactly its size. */
static void read_pieces(llmf_str text, const size_t *ends, size_t count, trace *t) {
    llmfi_json j;
    char *held = (char *)malloc(1);
    size_t held_len = 0, from = 0, i;
    t->len = 0;
    assert_non_null(held);
    llmfi_json_init(&j, llmfi_str(held, 0), count == 0);
    for (i = 0;; i++) {
        int token;
        char *next;
        size_t rest, add;
        while ((token = llmfi_json_next(&j)) > 0 && token != LLMFI_J_END) trace_token(t, &j, token);
        t->result = token;
        t->error_offset = token < 0 ? j.error_offset : 0;
        if (token != LLMFI_J_MORE || i > count) break;
        rest = held_len - (size_t)(j.at - held);
        add = (i < count ? ends[i] : text.len) - from;
        next = (char *)malloc(rest + add ? rest + add : 1);
        assert_non_null(next);
        if (rest) memcpy(next, j.at, rest);
        if (add) memcpy(next + rest, text.ptr + from, add);
        from += add;
        llmfi_json_feed(&j, llmfi_str(next, rest + add), from == text.len && i >= count);
        free(held);
        held = next;
        held_len = rest + add;
    }
    free(held);
}

static trace whole, split;

static void read_whole(llmf_str text, trace *t) {
    llmfi_json j;
    int token;
    char *copy = (char *)malloc(text.len ? text.len : 1);
    assert_non_null(copy);
    if (text.len) memcpy(copy, text.ptr, text.len);
    t->len = 0;
    llmfi_json_init(&j, llmfi_str(copy, text.len), true);
    while ((token = llmfi_json_next(&j)) > 0 && token != LLMFI_J_END) trace_token(t, &j, token);
    t->result = token;
    t->error_offset = token < 0 ? j.error_offset : 0;
    if (token < 0) {
        assert_non_null(j.error);
        assert_true(j.error_offset <= text.len);
        assert_int_equal(llmfi_json_next(&j), LLMFI_J_ERROR);
        assert_int_equal(llmfi_json_skip(&j), LLMFI_J_ERROR);
    } else {
        assert_true(llmfi_json_done(&j));
        assert_int_equal(llmfi_json_next(&j), LLMFI_J_END);
    }
    free(copy);
}

static void same_trace(llmf_str text) {
    if (whole.result != split.result || whole.error_offset != split.error_offset || whole.len != split.len || memcmp(whole.text, split.text, whole.len) != 0)
        fail_msg("another reading of %.*s:\n%.*s\n--\n%.*s", (int)text.len, text.ptr, (int)whole.len, whole.text, (int)split.len, split.text);
}

/* Whole, byte by byte, at every two-way split: one and the same. */
static int check_splits(llmf_str text) {
    size_t ends[4096], i, step = text.len > 3000 ? text.len / 300 : 1;
    read_whole(text, &whole);
    for (i = 0; i <= text.len; i += step) {
        ends[0] = i;
        read_pieces(text, ends, 1, &split);
        same_trace(text);
    }
    if (text.len < LLMFI_COUNT(ends)) {
        for (i = 0; i < text.len; i++) ends[i] = i;
        read_pieces(text, ends, text.len, &split);
        same_trace(text);
    }
    return whole.result;
}

static void test_tokens(void **state) {
    static const char text[] = " {\"a\" : [ 1, -2.5e+3 ,true,false , null, \"\", \"x\\n\\u00e9\\ud83d\\ude00\\\"\", {}, [] ] , \"\xc3\xa9\\u0041\":{\"b\":0}}\r\n\t ";
    static const char want[] = "{1 \nk12a\n[2 \n#2 1\n#2 -2.5e+3\nt2 \nf2 \n02 \ns22\ns21x\\n\\u00e9\\ud83d\\ude00\\\"\n{3 \n}2 \n[3 \n]2 \n]1 \nk11\xc3\xa9\\u0041\n{2 \nk22b\n#2 0\n}1 \n}0 \n";
    (void)state;
    assert_int_equal(check_splits(llmfi_str(text, sizeof text - 1)), LLMFI_J_END);
    assert_int_equal(whole.len, sizeof want - 1);
    assert_memory_equal(whole.text, want, sizeof want - 1);
    assert_int_equal(check_splits(LLMFI_LIT("0")), LLMFI_J_END);
    assert_int_equal(check_splits(LLMFI_LIT("-0.0E-0")), LLMFI_J_END);
    assert_int_equal(check_splits(LLMFI_LIT("\"\"")), LLMFI_J_END);
    assert_int_equal(check_splits(LLMFI_LIT("  true  ")), LLMFI_J_END);
}

static const struct {
    const char *text;
    int offset;
    const char *says;                        /* part of the message */
} wrong[] = {
    { "", 0, "value" }, { "   ", 3, "value" }, { "[", 1, "]" }, { "{", 1, "}" }, { "[1,", 3, "value" }, { "[1", 2, "]" }, { "{\"a\"", 4, ":" }, { "{\"a\":", 5, "value" },
    { "{\"a\":1", 6, "}" }, { "{\"a\":1,", 7, "key" }, { "[1,]", 3, "value" }, { "[,1]", 1, "value" }, { "{,}", 1, "key" }, { "{\"a\":1,}", 7, "key" }, { "{\"a\" 1}", 5, ":" },
    { "{\"a\",1}", 4, ":" }, { "{1:2}", 1, "key" }, { "{\"a\":}", 5, "value" }, { "[1 2]", 3, "," }, { "[1:2]", 2, "," }, { "{\"a\":1 \"b\":2}", 7, "," }, { "[}", 1, "]" },
    { "{]", 1, "}" }, { "[1}", 2, "]" }, { "{\"a\":1]", 6, "}" }, { "]", 0, "value" }, { "}", 0, "value" }, { ",", 0, "value" }, { ":", 0, "value" }, { "1 2", 2, "follow" },
    { "[]]", 2, "follow" }, { "{}}", 2, "follow" }, { "1,", 1, "follow" }, { "nul", 3, "value" }, { "nulL", 0, "value" }, { "truefalse", 4, "follow" }, { "[nullx]", 5, "," }, { "True", 0, "value" },
    { "NaN", 0, "value" }, { "'a'", 0, "value" }, { "01", 1, "0" }, { "-", 1, "digit" }, { "-a", 1, "digit" }, { "1.", 2, "digit" }, { "1.e5", 2, "digit" }, { "1e", 2, "digit" }, { "1e+", 3, "digit" },
    { "[1.]", 3, "digit" }, { "-01", 2, "0" }, { ".5", 0, "value" }, { "+1", 0, "value" }, { "1x", 1, "follow" }, { "\"", 1, "no end" }, { "\"abc", 4, "no end" }, { "\"a\\", 3, "no end" },
    { "\"\\u12", 5, "no end" }, { "\"\\x\"", 2, "escape" }, { "\"\\u12g4\"", 5, "hexadecimal" }, { "\"\\u\"", 3, "hexadecimal" }, { "\"a\nb\"", 2, "control" }, { "\"01234567890123456789\x01\"", 21, "control" },
    { "\"\t\"", 1, "control" }, { "[\"a\",\"b\n\"]", 7, "control" }, { "\xef\xbb\xbf{}", 0, "value" }, { "[1,\x0b" "2]", 3, "value" }, { "/* */1", 0, "value" }, { "\"a\"b", 3, "follow" }
};

static void test_errors(void **state) {
    size_t i;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(wrong); i++) {
        llmfi_json j;
        int token;
        llmf_str text = llmfi_cstr(wrong[i].text);
        if (check_splits(text) != LLMFI_J_ERROR) fail_msg("accepted: %s", wrong[i].text);
        if ((int)whole.error_offset != wrong[i].offset) fail_msg("%s: at %d, not %d", wrong[i].text, (int)whole.error_offset, wrong[i].offset);
        llmfi_json_init(&j, text, true);
        while ((token = llmfi_json_next(&j)) > 0) continue;
        if (!strstr(j.error, wrong[i].says)) fail_msg("%s: \"%s\"", wrong[i].text, j.error);
        assert_false(llmfi_json_valid(text));
    }
}

/* A string that arrives byte by byte is scanned once: 1 MB must not take minutes. Feeding grows in place. */
static void test_long_string(void **state) {
    size_t n = 1 << 20, i;
    char *text = (char *)malloc(n);
    llmfi_json j;
    (void)state;
    assert_non_null(text);
    memset(text, 'x', n);
    for (i = 1; i + 7 < n; i += 100) memcpy(text + i, "\\u00e9", 6);
    text[0] = text[n - 1] = '"';
    llmfi_json_init(&j, llmfi_str(text, 0), false);
    for (i = 1; i < n; i++) {
        assert_int_equal(llmfi_json_next(&j), LLMFI_J_MORE);
        llmfi_json_feed(&j, llmfi_str(text, i), false);
    }
    assert_int_equal(llmfi_json_next(&j), LLMFI_J_MORE);
    llmfi_json_feed(&j, llmfi_str(text, n), true);
    assert_int_equal(llmfi_json_next(&j), LLMFI_J_STRING);
    assert_int_equal(j.text.len, n - 2);
    assert_true(j.escaped);
    free(text);
}

static void test_depth(void **state) {
    char text[2 * LLMF_MAX_DEPTH + 8];
    size_t i;
    llmfi_json j;
    (void)state;
    for (i = 0; i < LLMF_MAX_DEPTH; i++) text[i] = '[', text[2 * LLMF_MAX_DEPTH - 1 - i] = ']';
    assert_true(llmfi_json_valid(llmfi_str(text, 2 * LLMF_MAX_DEPTH)));
    memset(text, '[', LLMF_MAX_DEPTH + 1);
    llmfi_json_init(&j, llmfi_str(text, LLMF_MAX_DEPTH + 1), true);
    while (llmfi_json_next(&j) > 0) continue;
    assert_non_null(strstr(j.error, "LLMF_MAX_DEPTH"));
    assert_int_equal(j.error_offset, LLMF_MAX_DEPTH);
    assert_int_equal(j.depth, LLMF_MAX_DEPTH);
}

/* ---- text ---- */

static const struct {
    const char *raw;
    size_t raw_len;
    const char *text;
    size_t len;
    bool strict;
} texts[] = {
#define T(raw, text, strict) { raw, sizeof(raw) - 1, text, sizeof(text) - 1, strict }
    T("", "", true), T("abc", "abc", true), T("\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t", true), T("\\u0041\\u00e9\\u20AC", "A\xc3\xa9\xe2\x82\xac", true), T("a\\u0000b", "a\0b", true),
    T("\\ud83d\\ude00", "\xf0\x9f\x98\x80", true), T("\\uD83D\\uDE00x", "\xf0\x9f\x98\x80x", true), T("\\ud83d", "\xef\xbf\xbd", false), T("\\ude00", "\xef\xbf\xbd", false),
    T("\\ud83d\\ud83d\\ude00", "\xef\xbf\xbd\xf0\x9f\x98\x80", false), T("\\ude00\\ud83d", "\xef\xbf\xbd\xef\xbf\xbd", false), T("\\ud83dx\\ude00", "\xef\xbf\xbdx\xef\xbf\xbd", false),
    T("\\ud83d\\n", "\xef\xbf\xbd\n", false), T("\\ud83d\\u0041", "\xef\xbf\xbd" "A", false), T("\xc3\xa9", "\xc3\xa9", true), T("\xc3", "\xef\xbf\xbd", false), T("\xff\xfe", "\xef\xbf\xbd\xef\xbf\xbd", false),
    T("\xe2\x82\\n", "\xef\xbf\xbd\n", false), T("\xf0\x9f\x98\\u0041", "\xef\xbf\xbd" "A", false), T("\\ud83d\xf0\x9f\x98\x80", "\xef\xbf\xbd\xf0\x9f\x98\x80", false),
    T("\xed\xa0\xbd\xed\xb8\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", false), T("\\uFFFF\\uFFFD\\u10000", "\xef\xbf\xbf\xef\xbf\xbd\xe1\x80\x80" "0", true)
#undef T
};

static void test_text(void **state) {
    size_t i;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(texts); i++) {
        char json[128], *to;
        llmfi_json j;
        llmfi_arena a;
        llmfi_buf b;
        llmf_str got, want = llmfi_str(texts[i].text, texts[i].len);
        size_t bad = 99, most;
        json[0] = '"';
        memcpy(json + 1, texts[i].raw, texts[i].raw_len);
        json[texts[i].raw_len + 1] = '"';
        llmfi_json_init(&j, llmfi_str(json, texts[i].raw_len + 2), true);
        assert_int_equal(llmfi_json_next(&j), LLMFI_J_STRING);
        most = llmfi_json_text_max(&j);
        to = (char *)malloc(most + 1);
        assert_non_null(to);
        got = llmfi_str(to, llmfi_json_decode(to, j.text));
        assert_true(got.len <= most);
        if (!llmfi_eq(got, want)) fail_msg("row %d", (int)i);
        free(to);
        assert_int_equal(llmfi_json_strict(&j, &bad), texts[i].strict);
        assert_true(texts[i].strict ? bad == 99 : bad < j.text.len);
        if (llmfi_json_plain(&j)) assert_true(llmfi_eq(j.text, want));
        else assert_false(llmfi_eq(j.text, want));
        if (texts[i].strict) {
            assert_true(llmfi_json_is(&j, want));
            assert_false(llmfi_json_is(&j, LLMFI_LIT("another")));
            if (want.len) assert_false(llmfi_json_is(&j, llmfi_str(want.ptr, want.len - 1)));
        }
        llmfi_heap_init(&heap, block, sizeof block);
        llmfi_arena_init(&a, &heap, 0);
        llmfi_buf_init(&b, &heap, 0);
        got = llmfi_json_copy(&j, &a);
        assert_true(llmfi_eq(got, want) && got.ptr[got.len] == 0);
        assert_true(llmfi_buf_add(&b, "+", 1) && llmfi_json_add(&j, &b));
        assert_true(b.len == want.len + 1 && llmfi_eq(llmfi_from(llmfi_buf_str(&b), 1), want));
    }
}

static void test_keys(void **state) {
    llmfi_json j;
    llmf_str text = LLMFI_LIT("{\"name\":1,\"n\\u0061me\":2,\"names\":3,\"nam\":4,\"na\\u006D\\u0065s\":5}");
    int hits = 0;
    (void)state;
    llmfi_json_init(&j, text, true);
    assert_int_equal(llmfi_json_next(&j), LLMFI_J_OBJECT);
    while (llmfi_json_next(&j) == LLMFI_J_KEY) {
        hits = hits * 10 + (LLMFI_KEY(&j, "name") ? 1 : LLMFI_KEY(&j, "names") ? 2 : 0);
        assert_int_equal(llmfi_json_next(&j), LLMFI_J_NUMBER);
    }
    assert_int_equal(hits, 11202);
}

/* ---- skip and raw, also where the input ends inside what is skipped ---- */

static const char skip_text[] = "{\"a\":[1,{\"b\":[[],{}]},\"x]\"],\"c\":\"}\",\"d\":{\"e\":[true]},\"f\":-1.5,\"g\":null}";

static void test_skip(void **state) {
    static const char *const raws[] = { "[1,{\"b\":[[],{}]},\"x]\"]", "\"}\"", "{\"e\":[true]}", "-1.5", "null" };
    static const int kinds[] = { LLMFI_J_ARRAY, LLMFI_J_STRING, LLMFI_J_OBJECT, LLMFI_J_NUMBER, LLMFI_J_NULL };
    size_t len = sizeof skip_text - 1, at, mode;
    (void)state;
    for (mode = 0; mode < 2; mode++) {
        for (at = 0; at <= len; at++) {
            llmfi_json j;
            size_t member = 0;
            int token, phase = 0;
            bool fed = false;
            llmf_str raw = llmfi_str(NULL, 0);
            llmfi_json_init(&j, llmfi_str(skip_text, at), false);
            for (;;) {
                token = phase == 2 ? (mode == 1 ? llmfi_json_raw(&j, &raw) : llmfi_json_skip(&j)) : llmfi_json_next(&j);
                if (token == LLMFI_J_MORE) {
                    assert_false(fed);
                    fed = true;
                    llmfi_json_feed(&j, llmfi_range(j.at, skip_text + len), true);
                    continue;
                }
                assert_true(token > 0);
                if (phase == 0) {
                    assert_int_equal(token, LLMFI_J_OBJECT);
                    phase = 1;
                } else if (phase == 1) {
                    if (token == LLMFI_J_OBJECT_END) break;
                    assert_int_equal(token, LLMFI_J_KEY);
                    phase = 2;
                } else {
                    assert_int_equal(token, kinds[member]);
                    if (mode == 1) assert_true(llmfi_eq(raw, llmfi_cstr(raws[member])));
                    member++;
                    phase = 1;
                }
                assert_int_equal(j.depth, 1);
            }
            assert_int_equal(member, 5);
            token = llmfi_json_next(&j);
            assert_int_equal(token, fed ? LLMFI_J_END : LLMFI_J_MORE);
            assert_true(llmfi_json_done(&j));
        }
    }
}

/* Skips all of it at the first token, and item by item; an error inside what is skipped is still one. */
static void test_skip_more(void **state) {
    llmfi_json j;
    llmf_str raw;
    (void)state;
    llmfi_json_init(&j, LLMFI_LIT("[[1],2]"), true);
    assert_int_equal(llmfi_json_next(&j), LLMFI_J_ARRAY);
    assert_int_equal(llmfi_json_skip(&j), LLMFI_J_ARRAY);
    assert_int_equal(llmfi_json_skip(&j), LLMFI_J_END);
    llmfi_json_init(&j, LLMFI_LIT("[[1], 2 ,{}]"), true);
    assert_int_equal(llmfi_json_next(&j), LLMFI_J_ARRAY);
    assert_int_equal(llmfi_json_raw(&j, &raw), LLMFI_J_ARRAY);
    assert_true(LLMFI_IS(raw, "[1]"));
    assert_int_equal(llmfi_json_raw(&j, &raw), LLMFI_J_NUMBER);
    assert_true(LLMFI_IS(raw, "2"));
    assert_int_equal(llmfi_json_raw(&j, &raw), LLMFI_J_OBJECT);
    assert_true(LLMFI_IS(raw, "{}"));
    assert_int_equal(llmfi_json_raw(&j, &raw), LLMFI_J_ARRAY_END);
    assert_int_equal(llmfi_json_skip(&j), LLMFI_J_END);
    llmfi_json_init(&j, LLMFI_LIT("{\"a\":[1,}"), true);
    assert_int_equal(llmfi_json_next(&j), LLMFI_J_OBJECT);
    assert_int_equal(llmfi_json_next(&j), LLMFI_J_KEY);
    assert_int_equal(llmfi_json_skip(&j), LLMFI_J_ERROR);
    assert_int_equal(j.error_offset, 8);
}

/* ---- JSONTestSuite ---- */

/* Our choices where RFC 8259 leaves one: the reader takes any number and any bytes above 0x7f in a string; the tree (config,
   requests) refuses bad UTF-8 and lone surrogates; both refuse a BOM, UTF-16 and more than LLMF_MAX_DEPTH levels. */
static const struct {
    const char *name;
    bool reader, valid, tree;
} choices[] = {
    { "i_number_double_huge_neg_exp.json", true, true, true }, { "i_number_huge_exp.json", true, true, true }, { "i_number_neg_int_huge_exp.json", true, true, true },
    { "i_number_pos_double_huge_exp.json", true, true, true }, { "i_number_real_neg_overflow.json", true, true, true }, { "i_number_real_pos_overflow.json", true, true, true },
    { "i_number_real_underflow.json", true, true, true }, { "i_number_too_big_neg_int.json", true, true, true }, { "i_number_too_big_pos_int.json", true, true, true },
    { "i_number_very_big_negative_int.json", true, true, true }, { "i_object_key_lone_2nd_surrogate.json", true, true, false },
    { "i_string_1st_surrogate_but_2nd_missing.json", true, true, false }, { "i_string_1st_valid_surrogate_2nd_invalid.json", true, true, false },
    { "i_string_incomplete_surrogate_and_escape_valid.json", true, true, false }, { "i_string_incomplete_surrogate_pair.json", true, true, false },
    { "i_string_incomplete_surrogates_escape_valid.json", true, true, false }, { "i_string_invalid_lonely_surrogate.json", true, true, false },
    { "i_string_invalid_surrogate.json", true, true, false }, { "i_string_inverted_surrogates_U+1D11E.json", true, true, false }, { "i_string_lone_second_surrogate.json", true, true, false },
    { "i_string_invalid_utf-8.json", true, false, false }, { "i_string_iso_latin_1.json", true, false, false }, { "i_string_lone_utf8_continuation_byte.json", true, false, false },
    { "i_string_not_in_unicode_range.json", true, false, false }, { "i_string_overlong_sequence_2_bytes.json", true, false, false }, { "i_string_overlong_sequence_6_bytes.json", true, false, false },
    { "i_string_overlong_sequence_6_bytes_null.json", true, false, false }, { "i_string_truncated-utf-8.json", true, false, false }, { "i_string_UTF-8_invalid_sequence.json", true, false, false },
    { "i_string_UTF8_surrogate_U+D800.json", true, false, false }, { "i_string_UTF-16LE_with_BOM.json", false, false, false }, { "i_string_utf16BE_no_BOM.json", false, false, false },
    { "i_string_utf16LE_no_BOM.json", false, false, false }, { "i_structure_500_nested_arrays.json", false, false, false }, { "i_structure_UTF-8_BOM_empty_object.json", false, false, false }
};

static int accepted, refused, chosen;

static void suite_file(const char *name, llmf_str text) {
    llmfi_arena a;
    llmfi_parse_error error;
    bool reader, valid, tree;
    size_t i;
    llmfi_heap_init(&heap, block, sizeof block);
    llmfi_arena_init(&a, &heap, 0);
    reader = check_splits(text) == LLMFI_J_END;
    valid = llmfi_json_valid(text);
    tree = llmfi_json_parse(&a, text, &error, false) != NULL;
    assert_int_equal(tree, error.what == NULL);
    assert_false(error.memory);
    if (name[0] == 'y') {
        if (!reader || !valid || !tree) fail_msg("refused: %s", name);
        accepted++;
    } else if (name[0] == 'n') {
        if (reader || valid || tree) fail_msg("accepted: %s", name);
        refused++;
    } else {
        for (i = 0; i < LLMFI_COUNT(choices) && strcmp(choices[i].name, name) != 0; i++) continue;
        if (i == LLMFI_COUNT(choices)) fail_msg("no choice is on record for %s", name);
        if (reader != choices[i].reader || valid != choices[i].valid || tree != choices[i].tree) fail_msg("%s: %d %d %d", name, reader, valid, tree);
        chosen++;
    }
}

static void test_suite(void **state) {
    (void)state;
    if (!corpus_each("corpora/jsontestsuite/test_parsing", suite_file)) skip();
    printf("JSONTestSuite: %d accepted, %d refused, %d by choice\n", accepted, refused, chosen);
    assert_true(accepted > 30 && refused > 60 && chosen > 10);
}

/* What we make of the values: numbers stay text, whole ones are exact, both of two equal keys are members, keys are not normalised. */
static const struct {
    const char *name, *written;              /* by llmfi_node_write; NULL: refused by the tree */
    const char *decoded;                     /* of the one string that the tree refuses, read with U+FFFD */
} transforms[] = {
    { "number_-9223372036854775808.json", "[-9223372036854775808]", NULL }, { "number_-9223372036854775809.json", "[-9223372036854775809]", NULL }, { "number_1.0.json", "[1.0]", NULL },
    { "number_1.000000000000000005.json", "[1.000000000000000005]", NULL }, { "number_1000000000000000.json", "[1000000000000000]", NULL },
    { "number_10000000000000000999.json", "[10000000000000000999]", NULL }, { "number_1e-999.json", "[1E-999]", NULL }, { "number_1e6.json", "[1E6]", NULL },
    { "number_9223372036854775807.json", "[9223372036854775807]", NULL }, { "number_9223372036854775808.json", "[9223372036854775808]", NULL },
    { "object_key_nfc_nfd.json", "{\"\xc3\xa9\":\"NFC\",\"e\xcc\x81\":\"NFD\"}", NULL }, { "object_key_nfd_nfc.json", "{\"e\xcc\x81\":\"NFD\",\"\xc3\xa9\":\"NFC\"}", NULL },
    { "object_same_key_different_values.json", "{\"a\":1,\"a\":2}", NULL }, { "object_same_key_same_value.json", "{\"a\":1,\"a\":1}", NULL }, { "object_same_key_unclear_values.json", "{\"a\":0,\"a\":-0}", NULL },
    { "string_1_escaped_invalid_codepoint.json", NULL, "\xef\xbf\xbd" }, { "string_2_escaped_invalid_codepoints.json", NULL, "\xef\xbf\xbd\xef\xbf\xbd" },
    { "string_3_escaped_invalid_codepoints.json", NULL, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" }, { "string_1_invalid_codepoint.json", NULL, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
    { "string_2_invalid_codepoints.json", NULL, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
    { "string_3_invalid_codepoints.json", NULL, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
    { "string_with_escaped_NULL.json", "[\"A\\u0000B\"]", NULL }
};

static void transform_file(const char *name, llmf_str text) {
    llmfi_arena a;
    llmfi_parse_error error;
    llmfi_node *root;
    llmfi_out o;
    llmfi_jw w;
    char written[256];
    size_t i;
    llmfi_heap_init(&heap, block, sizeof block);
    llmfi_arena_init(&a, &heap, 0);
    assert_int_equal(check_splits(text), LLMFI_J_END);
    for (i = 0; i < LLMFI_COUNT(transforms) && strcmp(transforms[i].name, name) != 0; i++) continue;
    if (i == LLMFI_COUNT(transforms)) fail_msg("no choice is on record for %s", name);
    root = llmfi_json_parse(&a, text, &error, false);
    assert_int_equal(root != NULL, transforms[i].written != NULL);
    if (root) {
        llmfi_out_window(&o, written, sizeof written, 0);
        llmfi_jw_init(&w, &o);
        llmfi_node_write(&w, root);
        assert_true(llmfi_jw_done(&w));
        if (!llmfi_eq(llmfi_str(written, o.len), llmfi_cstr(transforms[i].written))) fail_msg("%s: %.*s", name, (int)o.len, written);
        if (strstr(name, "same_key")) assert_null(llmfi_json_parse(&a, text, &error, true));
    } else {
        llmfi_json j;
        llmfi_json_init(&j, text, true);
        assert_int_equal(llmfi_json_next(&j), LLMFI_J_ARRAY);
        assert_int_equal(llmfi_json_next(&j), LLMFI_J_STRING);
        assert_true(llmfi_eq(llmfi_json_copy(&j, &a), llmfi_cstr(transforms[i].decoded)));
    }
}

static void test_transform(void **state) {
    (void)state;
    if (!corpus_each("corpora/jsontestsuite/test_transform", transform_file)) skip();
}

/* ---- writer ---- */

static void write_all(llmfi_jw *w) {
    static const char odd[] = "q\" b\\ n\n t\t r\r b\b f\f 1\x01 0\0 \x1f \x7f \xc3\xa9 /";
    llmfi_jw_object(w);
    llmfi_jw_member_str(w, "s", llmfi_str(odd, sizeof odd - 1));
    llmfi_jw_key_str(w, LLMFI_LIT("k\"\xff"));
    llmfi_jw_array(w);
    llmfi_jw_int(w, INT64_MIN);
    llmfi_jw_double(w, 0.7);
    llmfi_jw_bool(w, true);
    llmfi_jw_bool(w, false);
    llmfi_jw_null(w);
    llmfi_jw_raw(w, LLMFI_LIT("{\"x\": [] }"));
    llmfi_jw_object(w);
    llmfi_jw_object_end(w);
    llmfi_jw_array(w);
    llmfi_jw_array_end(w);
    llmfi_jw_lit(w, "");
    llmfi_jw_array_end(w);
    llmfi_jw_member_int(w, "i", 5);
    llmfi_jw_member_bool(w, "b", true);
    llmfi_jw_member_double(w, "d", -1e300);
    llmfi_jw_member_raw(w, "r", LLMFI_LIT("null"));
    llmfi_jw_member_lit(w, "l", "x");
    llmfi_jw_key(w, "img");
    llmfi_jw_base64_string(w, LLMFI_LIT("data:image/png;base64,"), "\x89PNG\r\n", 6);
    llmfi_jw_key(w, "o");
    llmfi_jw_object(w);
    llmfi_jw_member_int(w, "z", 0);
    llmfi_jw_object_end(w);
    llmfi_jw_object_end(w);
}

static const char written[] = "{\"s\":\"q\\\" b\\\\ n\\n t\\t r\\r b\\b f\\f 1\\u0001 0\\u0000 \\u001f \x7f \xc3\xa9 /\",\"k\\\"\xef\xbf\xbd\":[-9223372036854775808,0.7,true,false,null,{\"x\": [] },{},[],\"\"],"
    "\"i\":5,\"b\":true,\"d\":-1e300,\"r\":null,\"l\":\"x\",\"img\":\"data:image/png;base64,iVBORw0K\",\"o\":{\"z\":0}}";

static void test_write(void **state) {
    char text[600];
    size_t len = sizeof written - 1, cap, skip;
    llmfi_out o;
    llmfi_jw w;
    (void)state;
    llmfi_out_window(&o, text, sizeof text, 0);
    llmfi_jw_init(&w, &o);
    write_all(&w);
    assert_true(llmfi_jw_done(&w));
    if (!llmfi_eq(llmfi_str(text, o.len), llmfi_str(written, len))) fail_msg("%.*s", (int)o.len, text);
    assert_true(llmfi_json_valid(llmfi_str(text, o.len)));
    for (cap = 1; cap < len + 2; cap += 13) {
        for (skip = 0; skip < len + 2; skip++) {
            size_t want = skip >= len ? 0 : len - skip < cap ? len - skip : cap;
            llmfi_out_window(&o, text, cap, skip);
            llmfi_jw_init(&w, &o);
            write_all(&w);
            assert_true(o.total == len && o.len == want);
            assert_memory_equal(text, written + (skip < len ? skip : len), want);
        }
    }
}

/* A string cut into three pieces anywhere is the string written at once. */
static void test_write_pieces(void **state) {
    static const char in[] = "a\"\xc3\xa9\xf0\x9f\x98\x80\xf0\x9f\x98\\\xe2\x82\n\xff\xe2\x82\xac\xf0\x9f" "01234567890123456789\xf0\x9f\"\xc3";
    llmf_str s = llmfi_str(in, sizeof in - 1);
    char one[300], three[300];
    size_t i, k, n;
    llmfi_out o;
    llmfi_jw w;
    (void)state;
    llmfi_out_window(&o, one, sizeof one, 0);
    llmfi_jw_init(&w, &o);
    llmfi_jw_str(&w, s);
    n = o.len;
    assert_true(llmfi_json_valid(llmfi_str(one, n)));
    for (i = 0; i <= s.len; i++) {
        for (k = i; k <= s.len; k++) {
            llmfi_out_window(&o, three, sizeof three, 0);
            llmfi_jw_init(&w, &o);
            llmfi_jw_str_begin(&w);
            llmfi_jw_str_piece(&w, llmfi_str(s.ptr, i));
            llmfi_jw_str_piece(&w, llmfi_str(s.ptr + i, k - i));
            llmfi_jw_str_piece(&w, llmfi_from(s, k));
            assert_false(llmfi_jw_done(&w));
            llmfi_jw_str_end(&w);
            assert_true(llmfi_jw_done(&w));
            assert_true(llmfi_eq(llmfi_str(one, n), llmfi_str(three, o.len)));
        }
    }
}

/* Each script: o { } [ ] k(ey) K(ey_str) v(alue) s(tr_begin) p(iece) e(nd) d(NaN) r(aw empty). Wrong at its last letter. */
static void run_script(llmfi_jw *w, char c) {
    double zero = 0;
    switch (c) {
    case '{': llmfi_jw_object(w); break;
    case '}': llmfi_jw_object_end(w); break;
    case '[': llmfi_jw_array(w); break;
    case ']': llmfi_jw_array_end(w); break;
    case 'k': llmfi_jw_key(w, "k"); break;
    case 'K': llmfi_jw_key_str(w, LLMFI_LIT("k")); break;
    case 'v': llmfi_jw_int(w, 1); break;
    case 's': llmfi_jw_str_begin(w); break;
    case 'p': llmfi_jw_str_piece(w, LLMFI_LIT("p")); break;
    case 'e': llmfi_jw_str_end(w); break;
    case 'd': llmfi_jw_double(w, zero / zero); break;
    default: llmfi_jw_raw(w, LLMFI_LIT("")); break;
    }
}

static void test_misuse(void **state) {
    static const char *const scripts[] = { "}", "]", "k", "K", "p", "e", "d", "r", "vv", "vk", "[]v", "{v", "{[", "{{", "{s", "{k}", "{kk", "{kK", "{kv}}", "{]", "[}", "[k", "[K", "[vk", "sv", "s{", "s]", "ss", "[s]",
        "{ksk", "{ks}", "sev", "seb", "[d", "[r", "{kvv", "{kr", "[[]}" };
    size_t i;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(scripts); i++) {
        llmfi_out o;
        llmfi_jw w;
        const char *p;
        uint64_t before = 0;
        llmfi_out_count(&o);
        llmfi_jw_init(&w, &o);
        for (p = scripts[i]; *p; p++) {
            if (w.bad) fail_msg("%s: bad before %s", scripts[i], p);
            before = o.total;
            run_script(&w, *p);
        }
        if (!w.bad || o.total != before) fail_msg("%s is not refused", scripts[i]);
        for (p = "[v]{kv}s"; *p; p++) run_script(&w, *p);
        assert_true(o.total == before && w.bad && !llmfi_jw_done(&w));
    }
}

static void test_write_depth(void **state) {
    llmfi_out o;
    llmfi_jw w;
    int i;
    (void)state;
    llmfi_out_count(&o);
    llmfi_jw_init(&w, &o);
    for (i = 0; i < LLMF_MAX_DEPTH; i++) llmfi_jw_array(&w);
    assert_false(w.bad);
    llmfi_jw_array(&w);
    assert_true(w.bad && o.total == LLMF_MAX_DEPTH);
}

/* Random calls: whatever is not refused is JSON. */
static void test_write_random(void **state) {
    static const char letters[] = "{}[]kKvspe{}[]kv{}[]kv";
    uint64_t seed = 12;
    int i, n, done = 0;
    (void)state;
    for (i = 0; i < 200000; i++) {
        char text[400];
        llmfi_out o;
        llmfi_jw w, ahead;
        llmfi_out_window(&o, text, sizeof text, 0);
        llmfi_jw_init(&w, &o);
        for (n = 0; n < 20; n++) {
            llmfi_out before = o;
            ahead = w; /* the writer is a plain struct: a step that goes wrong is undone */
            run_script(&w, letters[corpus_random(&seed) % (sizeof letters - 1)]);
            if (w.bad) {
                w = ahead;
                o = before;
            }
        }
        if (!llmfi_jw_done(&w)) continue;
        if (!llmfi_json_valid(llmfi_str(text, o.len))) fail_msg("%.*s", (int)o.len, text);
        done++;
    }
    assert_true(done > 1000);
}

/* ---- tree ---- */

static llmfi_node *parse(llmfi_arena *a, const char *text, llmfi_parse_error *error, bool unique) {
    llmfi_heap_init(&heap, block, sizeof block);
    llmfi_arena_init(a, &heap, 0);
    return llmfi_json_parse(a, llmfi_cstr(text), error, unique);
}

static void test_tree(void **state) {
    llmfi_arena a;
    llmfi_parse_error error;
    const llmfi_node *root = parse(&a, "{\n  \"a\": [1, \"x\\n\", {\"b\":null}],\r\n\t\"c\" :\r true\n}", &error, true), *n;
    (void)state;
    assert_non_null(root);
    assert_true(root->type == LLMFI_OBJECT && root->count == 2 && root->line == 1 && root->column == 1 && !root->key.ptr && !root->next);
    n = llmfi_member(root, LLMFI_LIT("a"));
    assert_true(n && n->type == LLMFI_ARRAY && n->count == 3 && n->line == 2 && n->column == 8 && n->key_line == 2 && n->key_column == 3);
    assert_true(LLMFI_IS(n->child->text, "1") && n->child->line == 2 && n->child->column == 9 && !n->child->key.ptr);
    assert_true(LLMFI_IS(n->child->next->text, "x\n") && n->child->next->column == 12 && n->child->next->text.ptr[2] == 0);
    assert_true(n->child->next->next->child->type == LLMFI_NULL && n->child->next->next->child->column == 24);
    n = llmfi_member(root, LLMFI_LIT("c"));
    assert_true(n && n->type == LLMFI_TRUE && n->line == 4 && n->column == 2 && n->key_line == 3 && n->key_column == 2);
    assert_null(llmfi_member(root, LLMFI_LIT("b")));
}

/* Every node's place is the one llmfi_place counts. */
static void check_places(const llmfi_node *n, llmf_str text) {
    for (; n; n = n->next) {
        size_t at;
        uint32_t line, column;
        bool found = false;
        for (at = 0; at < text.len && !found; at++) {
            llmfi_place(text, at, &line, &column);
            found = line == n->line && column == n->column;
        }
        assert_true(found);
        if (n->type == LLMFI_STRING) assert_int_equal(text.ptr[at - 1], '"');
        if (n->type == LLMFI_NUMBER) assert_memory_equal(text.ptr + at - 1, n->text.ptr, n->text.len);
        if (n->type == LLMFI_ARRAY) assert_int_equal(text.ptr[at - 1], '[');
        if (n->type == LLMFI_OBJECT) assert_int_equal(text.ptr[at - 1], '{');
        check_places(n->child, text);
    }
}

static void test_tree_places(void **state) {
    static const char *const texts2[] = { "[1,\r\n2,\r3,\n\n 4,[],\t{\"a\"\n:\n5}]", "\n\n\"x\"", "{\"\xc3\xa9\":\"\xc3\xa9\", \"b\":7}" };
    llmfi_arena a;
    llmfi_parse_error error;
    size_t i;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(texts2); i++) {
        const llmfi_node *n = parse(&a, texts2[i], &error, true);
        assert_non_null(n);
        check_places(n, llmfi_cstr(texts2[i]));
    }
}

static void test_tree_errors(void **state) {
    static const struct {
        const char *text;
        uint32_t offset, line, column;
        const char *says;
    } rows[] = { { "[1,\n  x]", 6, 2, 3, "value" }, { "{\"a\":1,\n\"b\":2,\n \"a\":3}", 16, 3, 2, "twice" }, { "{\"a\":{\"b\":1,\"b\":1}}", 12, 1, 13, "twice" }, { "[\"\\ud800\"]", 2, 1, 3, "surrogate" },
        { "\n[\"ab\xff\"]", 5, 2, 5, "UTF-8" }, { "{\"\xc3(\":1}", 2, 1, 3, "UTF-8" }, { "", 0, 1, 1, "value" }, { "{\"1\":1,\"2\":1,\"3\":1,\"4\":1,\"5\":1,\"6\":1,\"7\":1,\"8\":1,\"9\":1,\"0\":1,\"5\":1}", 61, 1, 62, "twice" },
        { "{\"a\":1,\"\\u0061\":2}", 7, 1, 8, "twice" } };
    llmfi_arena a;
    llmfi_parse_error error;
    size_t i;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(rows); i++) {
        assert_null(parse(&a, rows[i].text, &error, true));
        if (!strstr(error.what, rows[i].says) || error.offset != rows[i].offset || error.line != rows[i].line || error.column != rows[i].column || error.memory)
            fail_msg("%s: %s at %d, %d:%d", rows[i].text, error.what, (int)error.offset, (int)error.line, (int)error.column);
    }
    assert_non_null(parse(&a, "{\"a\":1,\"a\":2}", &error, false));
    assert_null(error.what);
}

static void test_tree_memory(void **state) {
    static const char text[] = "{\"key\":[\"a\\n\",1.5,{\"x\":true,\"1\":1,\"2\":1,\"3\":1,\"4\":1,\"5\":1,\"6\":1,\"7\":1,\"8\":1,\"9\":1}],\"long\":\"............................................................\"}";
    llmfi_arena a;
    llmfi_parse_error error;
    size_t limit;
    int failed = 0;
    (void)state;
    for (limit = 1; limit < 20000; limit += 64) {
        llmfi_node *n;
        llmfi_heap_init(&heap, block, sizeof block);
        llmfi_arena_init(&a, &heap, limit);
        n = llmfi_json_parse(&a, LLMFI_LIT("[]"), &error, true);
        n = llmfi_json_parse(&a, llmfi_str(text, sizeof text - 1), &error, true);
        assert_int_equal(n == NULL, error.what != NULL);
        assert_int_equal(n == NULL, error.memory);
        failed += !n;
        llmfi_arena_free(&a);
        assert_int_equal(heap.used, 0);
    }
    assert_true(failed > 10 && failed < 300);
}

static void test_tree_write(void **state) {
    static const char *const same[] = { "null", "[]", "{}", "\"\"", "-1.50e+10", "[[[]],[{}],{\"a\":{\"b\":[1,2]},\"\":\"\\n\"}]", "{\"a\":[],\"b\":{},\"c\":\"\xc3\xa9\"}" };
    llmfi_arena a;
    llmfi_parse_error error;
    llmfi_node yaml;
    size_t i;
    char text[200];
    llmfi_out o;
    llmfi_jw w;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(same); i++) {
        const llmfi_node *n = parse(&a, same[i], &error, true);
        assert_non_null(n);
        llmfi_out_window(&o, text, sizeof text, 0);
        llmfi_jw_init(&w, &o);
        llmfi_node_write(&w, n);
        assert_true(llmfi_jw_done(&w));
        if (!llmfi_eq(llmfi_str(text, o.len), llmfi_cstr(same[i]))) fail_msg("%s became %.*s", same[i], (int)o.len, text);
    }
    memset(&yaml, 0, sizeof yaml);
    yaml.type = LLMFI_NUMBER;
    for (i = 0; i < 3; i++) { /* numbers as YAML spells them */
        yaml.text = i == 0 ? LLMFI_LIT(".5") : i == 1 ? LLMFI_LIT("007") : LLMFI_LIT(".inf");
        llmfi_out_window(&o, text, sizeof text, 0);
        llmfi_jw_init(&w, &o);
        llmfi_node_write(&w, &yaml);
        assert_int_equal(w.bad, i == 2);
        if (i < 2) assert_true(llmfi_eq(llmfi_str(text, o.len), i ? LLMFI_LIT("7") : LLMFI_LIT("0.5")));
    }
}

/* The step that counts take, against the reader itself: the same token, the same place, whatever follows; or nothing taken. */
static void test_whole(void **state) {
    static const struct { const char *text; bool taken; int64_t number; } cases[] = {
        {"0,", true, 0}, {" 7}", true, 7}, {"61\n", true, 61}, {" 1752345678,", true, 1752345678}, {"999999999999999999 ", true, INT64_C(999999999999999999)},
        {"12x", true, 12}, {"1234567890123456789,", false, 0}, {"01,", false, 0}, {"1.0,", false, 0}, {"1e2,", false, 0}, {"1E2,", false, 0}, {"-1,", false, 0},
        {"  1,", false, 0}, {"12", false, 0}, {"", false, 0}, {" ", false, 0}, {"null,", false, 0}, {"\"1\",", false, 0}, {"[1],", false, 0}
    };
    size_t i;
    (void)state;
    for (i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[64];
        llmfi_json j, plain;
        int64_t number = -7;
        size_t len = (size_t)snprintf(text, sizeof text, "{\"n\":%s", cases[i].text);
        llmfi_json_init(&j, llmfi_str(text, len), true);
        assert_int_equal(llmfi_json_next(&j), LLMFI_J_OBJECT);
        assert_false(llmfi_json_whole(&j, &number)); /* a key must come */
        assert_int_equal(llmfi_json_next(&j), LLMFI_J_KEY);
        plain = j;
        assert_int_equal(llmfi_json_whole(&j, &number), cases[i].taken);
        assert_int_equal(number, cases[i].taken ? cases[i].number : -7);
        if (cases[i].taken) assert_int_equal(llmfi_json_next(&plain), LLMFI_J_NUMBER);
        assert_ptr_equal(j.at, plain.at);
        assert_int_equal(j.want, plain.want);
        assert_int_equal(j.token, plain.token);
        assert_ptr_equal(j.text.ptr, plain.text.ptr);
        assert_int_equal(j.text.len, plain.text.len);
        assert_int_equal(llmfi_json_next(&j), llmfi_json_next(&plain));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_tokens), cmocka_unit_test(test_errors), cmocka_unit_test(test_long_string), cmocka_unit_test(test_depth), cmocka_unit_test(test_text),
        cmocka_unit_test(test_keys), cmocka_unit_test(test_skip), cmocka_unit_test(test_skip_more), cmocka_unit_test(test_whole), cmocka_unit_test(test_suite), cmocka_unit_test(test_transform), cmocka_unit_test(test_write),
        cmocka_unit_test(test_write_pieces), cmocka_unit_test(test_misuse), cmocka_unit_test(test_write_depth), cmocka_unit_test(test_write_random), cmocka_unit_test(test_tree),
        cmocka_unit_test(test_tree_places), cmocka_unit_test(test_tree_errors), cmocka_unit_test(test_tree_memory), cmocka_unit_test(test_tree_write) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
