/* The YAML reader: what it gives and refuses, with places and texts; the yaml-test-suite by class; JSON texts; memory, limits, time. */
#define LLMF_ARENA_PIECE 64 /* many small pieces: many requests to refuse */
#include <time.h>
#include "corpus.h"
#include "../../src/base/json_tree.h"
#include "../../src/base/yaml.h"
#include "../less.h"

static char block[1 << 26];
static llmfi_heap heap;
static llmfi_arena arena, other;
static llmfi_parse_error error;

static void begin(void) {
    llmfi_heap_init(&heap, block, sizeof block);
    llmfi_arena_init(&arena, &heap, 0);
    llmfi_arena_init(&other, &heap, 0);
}

static void end(void) {
    llmfi_arena_free(&arena);
    llmfi_arena_free(&other);
    assert_int_equal(heap.used, 0);
}

/* Reads a copy of exactly its size, which is gone before anyone looks at the tree. */
static llmfi_node *parse(llmf_str text) {
    char *copy = (char *)malloc(text.len ? text.len : 1);
    llmfi_node *root;
    uint32_t line, column;
    assert_non_null(copy);
    if (text.len) memcpy(copy, text.ptr, text.len);
    root = llmfi_yaml_parse(&arena, llmfi_str(copy, text.len), &error);
    assert_true((root == NULL) == (error.what != NULL));
    if (!root) {
        size_t mark = llmfi_starts(text, LLMFI_LIT("\xef\xbb\xbf")) ? 3 : 0;
        assert_true(error.offset <= text.len);
        llmfi_place(llmfi_from(text, mark), error.offset - mark, &line, &column);
        assert_int_equal(error.line, line);
        assert_int_equal(error.column, column);
    }
    free(copy);
    return root;
}

/* ---- comparing trees ---- */

static bool same_number(llmf_str a, llmf_str b) {
    double x, y;
    if (llmfi_eq(a, b)) return true;
    return llmfi_parse_double(a, &x) && llmfi_parse_double(b, &y) && memcmp(&x, &y, sizeof x) == 0;
}

static bool same(const llmfi_node *a, const llmfi_node *b, bool places) {
    const llmfi_node *x = a->child, *y = b->child;
    uint32_t count = 0;
    if (a->type != b->type || a->count != b->count || !llmfi_eq(a->key, b->key) || (a->key.ptr == NULL) != (b->key.ptr == NULL)) return false;
    if (places && (a->line != b->line || a->column != b->column || a->key_line != b->key_line || a->key_column != b->key_column)) return false;
    if (a->type == LLMFI_NUMBER && !same_number(a->text, b->text)) return false;
    if (a->type != LLMFI_NUMBER && !llmfi_eq(a->text, b->text)) return false;
    if (a->text.ptr && a->text.ptr[a->text.len] != '\0') return false;
    for (; x && y; x = x->next, y = y->next, count++)
        if (!same(x, y, places)) return false;
    return !x && !y && count == a->count;
}

static bool is_json(const llmfi_node *root, llmf_str json) {
    llmfi_parse_error wrong;
    llmfi_node *expected = llmfi_json_parse(&other, json, &wrong, false);
    return expected && same(root, expected, false);
}

/* ---- what is read ---- */

static const struct {
    const char *yaml, *json;
} good[] = {
    /* scalars: core schema */
    {"null", "null"}, {"~", "null"}, {"---", "null"}, {"--- # c\n...\n", "null"}, {"Null", "null"}, {"nULL", "\"nULL\""},
    {"true", "true"}, {"True", "true"}, {"FALSE", "false"}, {"yes", "\"yes\""}, {"on", "\"on\""}, {"tRUE", "\"tRUE\""},
    {"0", "0"}, {"-0", "-0"}, {"+12", "12"}, {"007", "7"}, {"-00", "-0"}, {"0x1F", "31"}, {"0xff", "255"}, {"0o17", "15"}, {"0o8", "\"0o8\""},
    {"0xFFFFFFFFFFFFFFFF", "18446744073709551615"}, {"0o1777777777777777777777", "18446744073709551615"}, {"0x", "\"0x\""}, {"-0x1", "\"-0x1\""},
    {"0xg", "\"0xg\""}, {"0b1", "\"0b1\""}, {"1_000", "\"1_000\""}, {"1.5", "1.5"}, {".5", "0.5"}, {"-.5", "-0.5"}, {"+.5e3", "0.5e3"},
    {"1.", "1.0"}, {"1.e5", "1.0e5"}, {"01.50", "1.50"}, {"1e3", "1e3"}, {"1E+03", "1E+03"}, {"+1e-3", "1e-3"}, {"1e", "\"1e\""}, {"e5", "\"e5\""},
    {".", "\".\""}, {"+", "\"+\""}, {"-.", "\"-.\""}, {"..5", "\"..5\""}, {"1.5.2", "\"1.5.2\""}, {"2001-01-23", "\"2001-01-23\""}, {"12:30:45", "\"12:30:45\""},
    {"1 2", "\"1 2\""}, {"'12'", "\"12\""}, {"\"true\"", "\"true\""}, {"'.inf'", "\".inf\""}, {".info", "\".info\""}, {"|\n 12", "\"12\\n\""},
    {"123456789012345678901234567890", "123456789012345678901234567890"},
    /* plain text */
    {"a b  c ", "\"a b  c\""}, {"a#b", "\"a#b\""}, {"a #b", "\"a\""}, {"a:b", "\"a:b\""}, {"::a", "\"::a\""}, {"-a", "\"-a\""}, {"?a", "\"?a\""},
    {"---a", "\"---a\""}, {"http://a/b?c=d#e", "\"http://a/b?c=d#e\""}, {"a,b]c}d", "\"a,b]c}d\""}, {"C:\\dir", "\"C:\\\\dir\""},
    {"a\nb\n\n\nc\n d", "\"a b\\n\\nc d\""}, {"k: a\n  b\n\n  c\nl: 1", "{\"k\":\"a b\\nc\",\"l\":1}"}, {"k: a\n # c\nl: b", "{\"k\":\"a\",\"l\":\"b\"}"},
    {"k: ${A:-b}", "{\"k\":\"${A:-b}\"}"}, {"a\n%b", "\"a %b\""}, {"- a\n - b", "[\"a - b\"]"}, {"k:\n  a\n  \t\n  b", "{\"k\":\"a\\nb\"}"},
    {"k: \xc3\xa9t\xc3\xa9 \xf0\x9f\x98\x80", "{\"k\":\"\\u00e9t\\u00e9 \\ud83d\\ude00\"}"}, {"a: b\tc\t# d", "{\"a\":\"b\\tc\"}"},
    /* quotes */
    {"''", "\"\""}, {"\"\"", "\"\""}, {"'it''s'", "\"it's\""}, {"''''", "\"'\""}, {"'a\\n'", "\"a\\\\n\""}, {"'a \"b\"'", "\"a \\\"b\\\"\""}, {"\"it's\"", "\"it's\""},
    {"\"\\0\\a\\b\\t\\n\\v\\f\\r\\e\\ \\\"\\/\\\\\"", "\"\\u0000\\u0007\\b\\t\\n\\u000b\\f\\r\\u001b \\\"/\\\\\""}, {"\"\\\t\"", "\"\\t\""},
    {"\"\\N\\_\\L\\P\"", "\"\\u0085\\u00a0\\u2028\\u2029\""}, {"\"\\L\\L\\L\\L\\L\\L\\L\\L\"", "\"\\u2028\\u2028\\u2028\\u2028\\u2028\\u2028\\u2028\\u2028\""},
    {"\"\\x41\\u00e9\\U0001F600\\ud83d\\ude00\"", "\"A\\u00e9\\ud83d\\ude00\\ud83d\\ude00\""},
    {"\"a\n  b\n\n  c \\\n  d\"", "\"a b\\nc d\""}, {"\"a\\\n\n\n b\"", "\"a\\n\\nb\""}, {"\"a \t\n \t b\"", "\"a b\""}, {"\"a\\t \n b\"", "\"a\\t b\""}, {"\"  \n  \"", "\" \""},
    {"\" a\n\"", "\" a \""}, {"'a\n\n\n  b '", "\"a\\n\\nb \""}, {"\"a\\\n  \\  b\"", "\"a  b\""}, {"k: 'a\n  b'", "{\"k\":\"a b\"}"},
    {"\"a # b\"", "\"a # b\""}, {"\"a: [b\" # c", "\"a: [b\""},
    /* | and > */
    {"|\n a\n  b\n\n c\n", "\"a\\n b\\n\\nc\\n\""}, {"k: |-\n  a\n\n\nl: 1", "{\"k\":\"a\",\"l\":1}"}, {"k: |+\n  a\n\n\nl: 1", "{\"k\":\"a\\n\\n\\n\",\"l\":1}"},
    {"|", "\"\""}, {"k: |\nl: |+\n\nm: >-\n", "{\"k\":\"\",\"l\":\"\\n\",\"m\":\"\"}"}, {"|\na\nb", "\"a\\nb\\n\""}, {"- |2-\n    a\n   b", "[\"  a\\n b\"]"}, {"- |-1\n  a", "[\" a\"]"},
    {"k: >\n  a\n  b\n\n  c\n   d\n  e\n\n\n  f\n", "{\"k\":\"a b\\nc\\n d\\ne\\n\\nf\\n\"}"}, {">\n\n\n a\n", "\"\\n\\na\\n\""}, {">\n a\n\n  b\n\n c", "\"a\\n\\n b\\n\\nc\\n\""},
    {"k: | # c\n  # d\n  'e' \n", "{\"k\":\"# d\\n'e' \\n\"}"}, {"k: |\n  a\n # c\nl: 1", "{\"k\":\"a\\n\",\"l\":1}"}, {"k: |\n  a\n   \n", "{\"k\":\"a\\n \\n\"}"},
    {"k: |\n  \ta\n", "{\"k\":\"\\ta\\n\"}"}, {"k: >\n  \ta\n  b\n", "{\"k\":\"\\ta\\nb\\n\"}"}, {"k: |\n a\n...\n", "{\"k\":\"a\\n\"}"}, {"k: |+\n  a\n\n...\n", "{\"k\":\"a\\n\\n\"}"},
    {"k:\n  - |\n   a\n  - >-\n   b\n   c\n", "{\"k\":[\"a\\n\",\"b c\"]}"}, {"k: |+\n  a\n  ", "{\"k\":\"a\\n\"}"}, {"--- |1-", "\"\""},
    /* mappings and lists */
    {"a: 1\nb:\n  c: 2\n  d:\n    - 3\n    - 4\ne:\n- 5\n-\n- 6\nf:", "{\"a\":1,\"b\":{\"c\":2,\"d\":[3,4]},\"e\":[5,null,6],\"f\":null}"},
    {"- a: 1\n  b: 2\n-   c: 3\n    d: 4\n- - 5\n  - - 6\n- ", "[{\"a\":1,\"b\":2},{\"c\":3,\"d\":4},[5,[6]],null]"}, {"-\n  a: 1\n-\n - b", "[{\"a\":1},[\"b\"]]"},
    {"   a: 1\n   b: 2", "{\"a\":1,\"b\":2}"}, {"a:   # c\n\n  # d\n   b", "{\"a\":\"b\"}"}, {"a : 1\n\"b\" : 2\n'c': 3", "{\"a\":1,\"b\":2,\"c\":3}"},
    {"a b: 1\n'': 2\n::: 3\n-x: 4\nx[]: 5\n12: 6\nnull: 7\n<<: 8", "{\"a b\":1,\"\":2,\"::\":3,\"-x\":4,\"x[]\":5,\"12\":6,\"null\":7,\"<<\":8}"},
    {"a:\n  - b:\n    - c\n    d: e", "{\"a\":[{\"b\":[\"c\"],\"d\":\"e\"}]}"}, {"a: 'x' # c\n#d\nb: y", "{\"a\":\"x\",\"b\":\"y\"}"}, {"a: b\n\t\n \t# c\nd: e", "{\"a\":\"b\",\"d\":\"e\"}"},
    {"# c\n\n---\na: 1\n...\n# c\n...\n", "{\"a\":1}"}, {"--- a\n...", "\"a\""}, {"--- [a]", "[\"a\"]"}, {"--- |\n a\n", "\"a\\n\""}, {"---\n- a", "[\"a\"]"}, {"-\ta", "[\"a\"]"},
    /* brackets */
    {"[]", "[]"}, {"{}", "{}"}, {"[a, b c, 'd', \"e\",]", "[\"a\",\"b c\",\"d\",\"e\"]"}, {"{a: 1, b, c: , 'd':2, \"e\": [3],}", "{\"a\":1,\"b\":null,\"c\":null,\"d\":2,\"e\":[3]}"},
    {"[a: 1, 'b':2, {c: [d: 3]}]", "[{\"a\":1},{\"b\":2},{\"c\":[{\"d\":3}]}]"}, {"[a:b, :c, -d, ?e, http://f:8/g]", "[\"a:b\",\":c\",\"-d\",\"?e\",\"http://f:8/g\"]"},
    {"k: [ # c\n  a, # d\n  b\n  c,\n  ]\nl: {\n  m: n\n}", "{\"k\":[\"a\",\"b c\"],\"l\":{\"m\":\"n\"}}"}, {"{a\n: b, \"c\"\n:d, e f\n g: h}", "{\"a\":\"b\",\"c\":\"d\",\"e f g\":\"h\"}"},
    {"{\"a\"::b, c: ::d}", "{\"a\":\":b\",\"c\":\"::d\"}"}, {"[[[]], {}, [{}]]", "[[[]],{},[{}]]"}, {"[a:]", "[{\"a\":null}]"}, {"{a:}", "{\"a\":null}"}, {"- [a]\n- {b: c}", "[[\"a\"],{\"b\":\"c\"}]"},
    {"[\n\ta,\n\tb\n]", "[\"a\",\"b\"]"}, {"[a\n\n\n b]", "[\"a\\n\\nb\"]"}, {"[\"a\n b\", 'c\n\n d']", "[\"a b\",\"c\\nd\"]"}, {"{x: 0x10, y: ~, z: +1}", "{\"x\":16,\"y\":null,\"z\":1}"},
    {"\t[a]", "[\"a\"]"}, {"k:\n \t[a]", "{\"k\":[\"a\"]}"},
    /* line ends */
    {"a: 1\r\nb: |\r\n  c\r\n\r\n  d\r\n", "{\"a\":1,\"b\":\"c\\n\\nd\\n\"}"}, {"a: 1\rb: 'c\r\r d'\r", "{\"a\":1,\"b\":\"c\\nd\"}"}, {"\xef\xbb\xbf" "a: 1\nb: 2", "{\"a\":1,\"b\":2}"},
};

static void test_good(void **state) {
    size_t i;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(good); i++) {
        llmfi_node *root;
        begin();
        root = parse(llmfi_cstr(good[i].yaml));
        if (!root) print_message("%s\n", error.what);
        if (!root || !is_json(root, llmfi_cstr(good[i].json))) fail_msg("case %zu: %s", i, good[i].yaml);
        end();
    }
}

/* Numbers are handed on as JSON writes them. */
static void test_number_text(void **state) {
    static const char *const pairs[][2] = {{"1.50", "1.50"}, {"-0", "-0"}, {"+1", "1"}, {".5", "0.5"}, {"1.", "1.0"}, {"00012", "12"}, {"-007.", "-7.0"},
        {"0x1F", "31"}, {"0o777", "511"}, {"1e5", "1e5"}, {"+1.E-05", "1.0E-05"}, {"00", "0"}, {"-.0", "-0.0"}};
    size_t i;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(pairs); i++) {
        llmfi_node *root;
        begin();
        root = parse(llmfi_cstr(pairs[i][0]));
        assert_non_null(root);
        assert_int_equal(root->type, LLMFI_NUMBER);
        assert_string_equal(root->text.ptr, pairs[i][1]);
        assert_int_equal(root->text.len, strlen(pairs[i][1]));
        end();
    }
}

/* ---- what is refused, where, and what is said ---- */

static const struct {
    const char *yaml;
    uint32_t line, column;
    const char *what;                        /* the text begins so */
} bad[] = {
    {"", 1, 1, "there is no value"}, {"# c\n", 2, 1, "there is no value"}, {"...\n", 1, 1, "there is no value"}, {"  \n ", 2, 2, "there is no value"},
    {"%YAML 1.2\n---\na", 1, 1, "directives"}, {"# c\n%TAG ! x\n---\na", 2, 1, "directives"}, {"---\na: b\n%YAML 1.2\n", 3, 1, "a text cannot begin with %"},
    {"a\n---\nb", 2, 1, "a second document"}, {"---\n---\n", 2, 1, "a second document"}, {"a: 1\n...\nb", 3, 1, "a second document"}, {"a\n...\n ...", 3, 2, "a second document"}, {"a: 1\n... b", 2, 5, "more text behind"},
    {"a: &x b", 1, 4, "anchors"}, {"&x a: b", 1, 1, "anchors"}, {"a: *x", 1, 4, "aliases"}, {"a: 1\n*x : b", 2, 1, "aliases"}, {"[*x]", 1, 2, "aliases"}, {"{a: &x b}", 1, 5, "anchors"},
    {"a: !!str b", 1, 4, "tags"}, {"! a", 1, 1, "tags"}, {"- !x\n- b", 1, 3, "tags"}, {"[!x a]", 1, 2, "tags"},
    {"? a\n: b", 1, 1, "complex keys"}, {"a: 1\n? b", 2, 1, "complex keys"}, {"[? a]", 1, 2, "complex keys"}, {"{? a : b}", 1, 2, "complex keys"}, {"- ? a", 1, 3, "complex keys"}, {"?", 1, 1, "complex keys"},
    {"[a]: b", 1, 4, "a list or mapping as a key"}, {"{a: 1}: b", 1, 7, "a list or mapping as a key"}, {"[[a]: b]", 1, 5, "a list or mapping as a key"}, {"{[a]: b}", 1, 2, "a list or mapping as a key"},
    {": a", 1, 1, "the key before this ':'"}, {":", 1, 1, "the key before this ':'"}, {"a: 1\n: b", 2, 1, "the key before this ':'"}, {"{: a}", 1, 2, "the key before this ':'"}, {"[: a]", 1, 2, "the key before this ':'"}, {"- :", 1, 3, "the key before this ':'"},
    {"a: 1\nb: 2\na: 3", 3, 1, "this key stands here a second time"}, {"x:\n  a: 1\n  'a': 3", 3, 3, "this key stands here a second time"}, {"{a: 1, b, \"a\"}", 1, 11, "this key stands here a second time"},
    {"b: 1\na: 1\nb: 1\na: 1", 3, 1, "this key stands here a second time"}, {"- \"\\u0061\": 1\n  a: 2", 2, 3, "this key stands here a second time"},
    {"a:\n\tb: c", 2, 2, "a tab in the indentation"}, {"a:\n  b: 1\n\tc: 2", 3, 2, "a tab in the indentation"}, {"a:\n  \t- b", 2, 4, "a tab in the indentation"}, {"-\t- a", 1, 3, "a tab in the indentation"}, {"- \ta: b", 1, 4, "a tab in the indentation"},
    {"\ta: b", 1, 2, "a tab in the indentation"}, {"a: |\n\tb", 2, 1, "a tab in the indentation"}, {"a: |\n  b\n\t\nc: d", 3, 1, "a tab in the indentation"}, {"a: 'b\n\tc'", 2, 1, "a tab in the indentation"}, {"a: [\n\tb]", 2, 2, "a tab in the indentation"},
    {"a: - b", 1, 4, "a list entry (- x) is not possible"}, {"--- - a", 1, 5, "a list entry (- x) is not possible"}, {"a: 1\n- b", 2, 1, "a list entry (- x) is not possible"}, {"[- a]", 1, 2, "a list entry (- x) inside"}, {"[-]", 1, 2, "a list entry (- x) inside"},
    {"a: b: c", 1, 5, "a mapping cannot begin on this line"}, {"--- a: b", 1, 6, "a mapping cannot begin on this line"}, {"a: 'b': c", 1, 7, "a mapping cannot begin on this line"}, {"a\nb: c", 2, 2, "no key can be in a line"}, {"a: b\n  c: d", 2, 4, "no key can be in a line"},
    {"\"a\n b\": c", 2, 4, "no key can be in a line"}, {"\"a\":b", 1, 5, "no space after the ':'"}, {"{a:[b]}", 1, 4, "no space after the ':'"},
    {"a: 1\n b: 2", 2, 3, "no key can be in a line"}, {"a: '1'\n b: 2", 2, 2, "this line's indentation"}, {"a:\n    b: 1\n  c: 2", 3, 3, "this line's indentation"}, {"- a\n b: c", 2, 3, "no key can be in a line"}, {"- 'a'\n - b", 2, 2, "this line's indentation"}, {"- a\nb: c", 2, 1, "this line's indentation"},
    {"  a: 1\nb: 2", 2, 1, "this line's indentation"}, {"a: 1\nb", 2, 1, "no key with a ':'"}, {"a: 1\n[b]: c", 2, 1, "no key with a ':'"}, {"a: 1\n| b: c", 2, 1, "no key with a ':'"}, {"a: 1\n'b'", 2, 1, "no key with a ':'"}, {"a: # c\n  b # d\n  c", 3, 3, "this line's indentation"},
    {"a: 'b' c", 1, 8, "more text behind"}, {"a: [b] c", 1, 8, "more text behind"}, {"a: 'b'#c", 1, 7, "no space before the comment's #"}, {"[a]#c", 1, 4, "no space before the comment's #"}, {"[a,#c\n]", 1, 4, "a comment needs a space"}, {"[a]]", 1, 4, "more text behind"},
    {"a: @b", 1, 4, "a text cannot begin with %"}, {"a: `b`", 1, 4, "a text cannot begin with %"}, {"%a", 1, 1, "directives"}, {"a: %b", 1, 4, "a text cannot begin with %"}, {"a: ,b", 1, 4, "a value or key is missing"}, {"]", 1, 1, "a value or key is missing"}, {"[a,,b]", 1, 4, "a value or key is missing"}, {"[,]", 1, 2, "a value or key is missing"}, {"{,}", 1, 2, "a value or key is missing"},
    {"[a b", 1, 1, "this bracket is never closed"}, {"x: {a: [b, c]", 1, 4, "this bracket is never closed"}, {"[a}", 1, 3, "no , or ] behind"}, {"{a: 1]", 1, 6, "no , or } behind"}, {"[a 'b' \"c\" [d]]", 1, 12, "no , or ] behind"}, {"['a' 'b']", 1, 6, "no , or ] behind"}, {"{a: ${B}}", 1, 6, "no , or } behind"},
    {"k: [a,\nb]", 2, 1, "inside [ ] or { }"}, {"k: [a, {b: c\n}]", 2, 1, "inside [ ] or { }"}, {"[a\n---\n]", 2, 1, "--- or ... at the line's start"}, {"'a\n...\n'", 2, 1, "--- or ... at the line's start"}, {"[a\n: b]", 2, 1, "in a list a key and its ':'"}, {"[|\n a]", 1, 2, "a | or > text cannot stand"},
    {"'a", 1, 1, "this quote is never closed"}, {"a: \"b\n  c\\\"", 1, 4, "this quote is never closed"}, {"\"a\\", 1, 1, "this quote is never closed"}, {"k: 'a\nb'", 2, 1, "a quoted text goes on here"}, {"a: 'b\nc: 'd'", 2, 1, "a quoted text goes on here"},
    {"\"\\q\"", 1, 2, "no such escape"}, {"k: \"a\n  C:\\dir\"", 2, 5, "no such escape"}, {"\"\\x4\"", 1, 2, "too few hexadecimal"}, {"\"\\u00g0\"", 1, 2, "too few hexadecimal"}, {"\"\\U0001F60\"", 1, 2, "too few hexadecimal"}, {"\"a\\ud83d\"", 1, 3, "this escape is no character"}, {"\"\\ude00\\ud83d\"", 1, 2, "this escape is no character"}, {"\"\\ud83d\\u0041\"", 1, 2, "this escape is no character"}, {"\"\\U00110000\"", 1, 2, "this escape is no character"},
    {"a: |x\n b", 1, 5, "only 1 to 9, - or +"}, {"a: |0\n b", 1, 5, "only 1 to 9, - or +"}, {"a: |10\n b", 1, 6, "only 1 to 9, - or +"}, {"a: |--\n b", 1, 6, "only 1 to 9, - or +"}, {"a: > b\n c", 1, 6, "only 1 to 9, - or +"}, {"a: |#c\n b", 1, 5, "no space before the comment's #"}, {"a: |\n   \n b", 3, 2, "an empty line above has more spaces"}, {"--- |1\n a", 2, 1, "readers differ"},
    {"a: .inf", 1, 4, "infinity and NaN"}, {"[-.INF]", 1, 2, "infinity and NaN"}, {"a:\n  .nan", 2, 3, "infinity and NaN"}, {"0x10000000000000000", 1, 1, "this number takes more than 64 bits"}, {"0o7777777777777777777777", 1, 1, "this number takes more than 64 bits"},
    {"a: \x01", 1, 4, "a control character"}, {"a: b\n\x7f", 2, 1, "a control character"}, {"a: \xc2\x80", 1, 4, "a control character"}, {"# \x1b", 1, 3, "a control character"}, {"a: \xff", 1, 4, "not UTF-8"}, {"\xed\xa0\x80", 1, 1, "not UTF-8"}, {"a\n'\xc3", 2, 2, "not UTF-8"}, {"\xc0\x80", 1, 1, "not UTF-8"}, {"a: \xef\xbb\xbf" "b", 1, 4, "a byte order mark"}, {"\xef\xbb\xbf", 1, 1, "there is no value"}, {"\xef\xbb\xbf@", 1, 1, "a text cannot begin with %"},
};

static void test_bad(void **state) {
    size_t i;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(bad); i++) {
        begin();
        if (parse(llmfi_cstr(bad[i].yaml))) fail_msg("accepted: %s", bad[i].yaml);
        if (error.line != bad[i].line || error.column != bad[i].column || strncmp(error.what, bad[i].what, strlen(bad[i].what)) || error.memory)
            fail_msg("%s\nsays %u:%u %s\nnot  %u:%u %s", bad[i].yaml, error.line, error.column, error.what, bad[i].line, bad[i].column, bad[i].what);
        end();
    }
    begin();
    assert_null(parse(llmfi_str("a\0b", 3)));
    assert_int_equal(error.offset, 1);
    assert_null(llmfi_yaml_parse(&arena, llmfi_str("abc", (size_t)LLMFI_YAML_MAX_TEXT + 1), &error)); /* refused before it is looked at */
    assert_memory_equal(error.what, "more than 1 GB", 14);
    end();
}

static void test_places(void **state) {
    static const char text[] = "# c\nmodels:\n  - name: fast\n    \"limits\":  {rpm: 5, tpm: ~}\n    none:\n    text: |\n      x\n  - [a]\n";
    const llmfi_node *models, *first, *n;
    (void)state;
    begin();
    models = llmfi_member(parse(llmfi_cstr(text)), LLMFI_LIT("models"));
    assert_non_null(models);
    assert_int_equal(models->key_line, 2);
    assert_int_equal(models->key_column, 1);
    assert_int_equal(models->line, 3);
    assert_int_equal(models->column, 3);
    first = models->child;
    assert_int_equal(first->line, 3);
    assert_int_equal(first->column, 5);
    assert_int_equal(first->count, 4);
    n = first->child;
    assert_int_equal(n->key_column, 5);
    assert_int_equal(n->column, 11);
    n = n->next;
    assert_int_equal(n->key_line, 4);
    assert_int_equal(n->key_column, 5);
    assert_int_equal(n->column, 16);
    assert_int_equal(n->child->next->key_column, 25);
    assert_int_equal(n->child->next->column, 30);
    n = n->next;
    assert_int_equal(n->type, LLMFI_NULL); /* a value left out is behind its ':' */
    assert_int_equal(n->line, 5);
    assert_int_equal(n->column, 10);
    assert_int_equal(n->next->column, 11);
    assert_int_equal(first->next->column, 5);
    assert_int_equal(first->next->child->column, 6);
    assert_null(first->next->child->key.ptr);
    end();
}

/* ---- the yaml-test-suite ---- */

enum { ABSENT, RIGHT, REJECTED, WRONG, OUTCOMES };

static struct {
    const char *name;
    bool all_right, all_rejected;            /* the bar; everywhere: none wrong */
    size_t count[OUTCOMES];
} classes[] = {
    {"CORE", true, false, {0}}, {"CORE-TAB", false, false, {0}}, {"CORE-X", false, false, {0}}, {"ANCHOR", false, false, {0}},
    {"CORE-ERROR", false, true, {0}}, {"ANCHOR-ERROR", false, true, {0}}, {"OUT", false, false, {0}},
};

static llmf_str suite_file(const char *id, const char *name) {
    char path[200];
    snprintf(path, sizeof path, "corpora/yaml-test-suite/data/%s/%s", id, name);
    return corpus_read(corpus_path(path));
}

static void drop(llmf_str s) {
    free((char *)(uintptr_t)s.ptr);
}

static llmf_str next_line(llmf_str *rest) {
    size_t n = llmfi_find_char(*rest, '\n');
    llmf_str line = llmfi_str(rest->ptr, n == LLMFI_NOWHERE ? rest->len : n);
    *rest = llmfi_from(*rest, line.len + 1);
    return line;
}

/* An event's text, escaped as the suite does, against `s`. */
static bool event_text(llmf_str event, llmf_str s) {
    static const char from[] = "\\ntrb", to[] = "\\\n\t\r\b";
    size_t i = 0, at = 0;
    for (; i < event.len; i++, at++) {
        char c = event.ptr[i];
        if (c == '\\' && i + 1 < event.len) c = to[strchr(from, event.ptr[++i]) - from];
        if (at >= s.len || s.ptr[at] != c) return false;
    }
    return at == s.len;
}

/* The parse events against the tree: structure, keys, texts; only a plain scalar may be no string. */
static bool event_node(llmf_str *events, const llmfi_node *n) {
    llmf_str line = next_line(events);
    const llmfi_node *child;
    if (n->type < LLMFI_ARRAY) {
        if (!llmfi_starts(line, LLMFI_LIT("=VAL ")) || line.len < 6 || !strchr(":'\"|>", line.ptr[5])) return false;
        return n->type == LLMFI_STRING ? event_text(llmfi_from(line, 6), n->text) : line.ptr[5] == ':';
    }
    if (!llmfi_starts(line, n->type == LLMFI_ARRAY ? LLMFI_LIT("+SEQ") : LLMFI_LIT("+MAP"))) return false;
    for (child = n->child; child; child = child->next) {
        if (n->type == LLMFI_OBJECT) {
            llmf_str key = next_line(events);
            if (!llmfi_starts(key, LLMFI_LIT("=VAL ")) || key.len < 6 || !event_text(llmfi_from(key, 6), child->key)) return false;
        }
        if (!event_node(events, child)) return false;
    }
    return llmfi_eq(next_line(events), n->type == LLMFI_ARRAY ? LLMFI_LIT("-SEQ") : LLMFI_LIT("-MAP"));
}

static bool is_events(const llmfi_node *root, llmf_str events) {
    next_line(&events); /* +STR */
    next_line(&events); /* +DOC */
    return event_node(&events, root) && llmfi_starts(next_line(&events), LLMFI_LIT("-DOC")) && llmfi_eq(next_line(&events), LLMFI_LIT("-STR"));
}

/* The same text with CR LF, with CR, behind a byte order mark: the same tree at the same places, or the same error. */
static void check_line_ends(llmf_str text, const llmfi_node *root) {
    static const char *const ends[] = {"\n", "\r\n", "\r"};
    const char *what = error.what;
    uint32_t line = error.line, column = error.column;
    size_t kind, i;
    if (memchr(text.ptr, '\r', text.len)) return;
    for (kind = 0; kind < 3; kind++) {
        char *copy = (char *)malloc(text.len * 2 + 3);
        size_t len = kind ? 0 : 3;
        llmfi_node *again;
        assert_non_null(copy);
        if (!kind) memcpy(copy, "\xef\xbb\xbf", 3);
        for (i = 0; i < text.len; i++) {
            const char *to = ends[kind];
            if (text.ptr[i] != '\n') copy[len++] = text.ptr[i];
            else while (*to) copy[len++] = *to++;
        }
        again = parse(llmfi_str(copy, len));
        assert_true(root ? again && same(root, again, true) : error.what == what && error.line == line && error.column == column);
        free(copy);
    }
}

static int suite_outcome(const char *id, llmf_str text) {
    llmf_str wrong = suite_file(id, "error"), json = suite_file(id, "in.json"), events = suite_file(id, "test.event");
    llmfi_node *root = parse(text);
    int outcome = REJECTED;
    if (root) outcome = !wrong.ptr && (!json.ptr || is_json(root, json)) && events.ptr && is_events(root, events) ? RIGHT : WRONG;
    check_line_ends(text, root);
    drop(wrong);
    drop(json);
    drop(events);
    return outcome;
}

/* What the suite's own emitters made of the case must read as the same value. */
static size_t suite_emitted(const char *id, const char *name, bool core) {
    llmf_str text = suite_file(id, name), json = suite_file(id, "in.json");
    size_t checked = text.ptr && json.ptr && strcmp(id, "RR7F") != 0; /* its in.json has its keys in another order */
    if (checked) {
        llmfi_node *root = parse(text);
        if (root ? !is_json(root, json) : core && !strstr(error.what, "are not supported")) fail_msg("%s/%s: %s", id, name, root ? "wrong value" : error.what);
    }
    drop(text);
    drop(json);
    return checked;
}

static void suite_case(llmf_str class_name, const char *id, size_t *emitted) {
    size_t c = 0;
    int outcome = ABSENT;
    llmf_str text = suite_file(id, "in.yaml");
    while (c < LLMFI_COUNT(classes) && !llmfi_eq(llmfi_cstr(classes[c].name), class_name)) c++;
    assert_true(c < LLMFI_COUNT(classes));
    begin();
    if (text.ptr) {
        outcome = suite_outcome(id, text);
        *emitted += suite_emitted(id, "out.yaml", classes[c].all_right) + suite_emitted(id, "emit.yaml", classes[c].all_right);
        if (outcome == WRONG || (classes[c].all_right && outcome != RIGHT) || (classes[c].all_rejected && outcome != REJECTED)) print_message("%s %s is not right\n", classes[c].name, id);
    }
    end();
    classes[c].count[outcome]++;
    drop(text);
}

static void test_suite(void **state) {
    llmf_str list = corpus_read(corpus_path("corpora/yaml-test-suite/subset.txt")), rest = list;
    size_t c, present = 0, emitted = 0;
    (void)state;
    if (!list.ptr) skip();
    while (rest.len) {
        llmf_str line = next_line(&rest), id = llmfi_from(line, llmfi_find_char(line, '\t') + 1);
        char name[32];
        if (!line.len || line.ptr[0] == '#') continue;
        snprintf(name, sizeof name, "%.*s", (int)llmfi_find_char(id, '\t'), id.ptr);
        suite_case(llmfi_str(line.ptr, llmfi_find_char(line, '\t')), name, &emitted);
    }
    print_message("%-14s %6s %9s %6s %7s\n", "yaml-test-suite", "right", "rejected", "wrong", "absent");
    for (c = 0; c < LLMFI_COUNT(classes); c++) {
        const size_t *n = classes[c].count;
        print_message("%-15s %6zu %9zu %6zu %7zu\n", classes[c].name, n[RIGHT], n[REJECTED], n[WRONG], n[ABSENT]);
        present += n[RIGHT] + n[REJECTED] + n[WRONG];
    }
    print_message("and %zu texts of emitters\n", emitted);
    for (c = 0; c < LLMFI_COUNT(classes); c++) {
        assert_int_equal(classes[c].count[WRONG], 0);
        if (classes[c].all_right) assert_int_equal(classes[c].count[REJECTED], 0);
        if (classes[c].all_rejected) assert_int_equal(classes[c].count[RIGHT], 0);
    }
    assert_true(present > 0);
    drop(list);
}

/* ---- JSON is YAML ---- */

static size_t both;

static void check_json(const char *name, llmf_str text) {
    llmfi_parse_error wrong;
    llmfi_node *json, *yaml;
    begin();
    json = llmfi_json_parse(&other, text, &wrong, true);
    yaml = parse(text);
    if (json && yaml) {
        if (!same(json, yaml, true)) fail_msg("read differently: %s", name);
        both++;
    }
    end();
}

static void test_json_suite(void **state) {
    (void)state;
    both = 0;
    if (!corpus_each("corpora/jsontestsuite/test_parsing", check_json)) skip();
    print_message("JSONTestSuite: %zu texts read the same by both readers\n", both);
    assert_true(both > 40);
}

static void random_json(uint64_t *seed, char *to, size_t *len, int depth) {
    static const char *const leaves[] = {"null", "true", "false", "0", "-0", "12", "-3.25", "1e5", "2E-3", "\"\"", "\"a\"", "\": - #\"", "\"\\u00e9\\n\"", "\"\\ud83d\\ude00\"", "\"\\/\"", "\"x: y\"", "[]", "{}"};
    static const char *const spaces[] = {"", "", " ", "\n", "  ", "\n  ", "\r\n\t"};
    uint64_t kind = corpus_random(seed) >> 33, n = (kind >> 4) % 4, i;
    bool map = (kind & 1) != 0;
    if (depth == 0 || kind % 4 == 0) {
        *len += (size_t)sprintf(to + *len, "%s", leaves[(kind >> 8) % LLMFI_COUNT(leaves)]);
        return;
    }
    to[(*len)++] = map ? '{' : '[';
    for (i = 0; i < n; i++) {
        *len += (size_t)sprintf(to + *len, "%s%s", i ? "," : "", spaces[(corpus_random(seed) >> 40) % LLMFI_COUNT(spaces)]);
        if (map) *len += (size_t)sprintf(to + *len, "\"k%u\"%s:%s", (unsigned)i, kind & 2 ? " " : "", spaces[(corpus_random(seed) >> 40) % LLMFI_COUNT(spaces)]);
        random_json(seed, to, len, depth - 1);
    }
    *len += (size_t)sprintf(to + *len, "%s%c", spaces[(corpus_random(seed) >> 40) % LLMFI_COUNT(spaces)], map ? '}' : ']');
}

static void test_json_random(void **state) {
    static char text[1 << 16];
    uint64_t seed = 7;
    int i;
    (void)state;
    both = 0;
    for (i = 0; i < 3000; i++) {
        size_t len = 0;
        random_json(&seed, text, &len, 4);
        check_json(text, llmfi_str(text, len));
    }
    assert_int_equal(both, 3000);
}

/* ---- limits, memory, time ---- */

static char *big;

static size_t repeat(const char *piece, size_t times) {
    size_t n = strlen(piece), i;
    for (i = 0; i < times; i++) memcpy(big + i * n, piece, n);
    return n * times;
}

static void test_depth(void **state) {
    static const char *const open[] = {"[", "- ", "[a: "};
    size_t kind, levels, len;
    (void)state;
    big = (char *)malloc(1 << 20);
    assert_non_null(big);
    for (kind = 0; kind < LLMFI_COUNT(open); kind++) {
        size_t most = (size_t)LLMF_MAX_DEPTH / (kind == 2 ? 2 : 1);
        for (levels = most; levels <= most + 1; levels++) {
            llmfi_node *root;
            begin();
            len = repeat(open[kind], levels);
            if (kind != 1) memset(big + len, ']', levels);
            root = parse(llmfi_str(big, kind != 1 ? len + levels : len));
            assert_true((root != NULL) == (levels == most));
            if (!root) assert_int_equal(error.column, len - strlen(open[kind]) + 1);
            if (!root) assert_memory_equal(error.what, "nested deeper", 13);
            end();
        }
    }
    begin(); /* as deep by lines */
    for (levels = 0, len = 0; levels <= LLMF_MAX_DEPTH; levels++) {
        memset(big + len, ' ', levels);
        memcpy(big + len + levels, "a:\n", 3);
        len += levels + 3;
    }
    assert_null(parse(llmfi_str(big, len)));
    assert_int_equal(error.line, LLMF_MAX_DEPTH + 1);
    end();
    free(big);
}

static void test_key_length(void **state) {
    char text[1100];
    (void)state;
    memset(text, 'k', sizeof text);
    begin();
    memcpy(text + LLMFI_YAML_MAX_KEY, ": 1", 3);
    assert_non_null(parse(llmfi_str(text, LLMFI_YAML_MAX_KEY + 3)));
    memcpy(text + LLMFI_YAML_MAX_KEY, "k: 1", 4);
    assert_null(parse(llmfi_str(text, LLMFI_YAML_MAX_KEY + 4)));
    assert_memory_equal(error.what, "a key of more than", 18);
    end();
}

static const char everything[] =
    "a: 1\nb: [x, 'y', \"z\\L\", {k: v, w}, p: q]\nc: |\n  text\nd: >-\n  folded\n  text\ne:\n- 0x1F\n- +5\n- plain\n  more\n\"f\": ~\n";

static void test_memory_refused(void **state) {
    uint64_t requests, n;
    size_t limit, good_limit = 0;
    (void)state;
    begin();
    assert_non_null(parse(llmfi_str(everything, sizeof everything - 1)));
    requests = heap.requests;
    assert_true(requests > 2);
    end();
    for (n = 1; n <= requests; n++) {
        begin();
        heap.fail_at = n;
        assert_null(parse(llmfi_str(everything, sizeof everything - 1)));
        assert_true(error.memory);
        assert_memory_equal(error.what, "no memory left", 14);
        end();
    }
    for (limit = 64; !good_limit; limit += 16) {
        begin();
        arena.limit = limit;
        if (parse(llmfi_str(everything, sizeof everything - 1))) good_limit = limit;
        else assert_true(error.memory);
        end();
    }
    assert_true(good_limit > 1000);
}

/* Processor seconds for reading `len` bytes at `big`. */
static double seconds(size_t len, bool accepted) {
    clock_t from;
    double took;
    llmfi_node *root;
    begin();
    from = clock();
    root = llmfi_yaml_parse(&arena, llmfi_str(big, len), &error);
    took = (double)(clock() - from) / CLOCKS_PER_SEC;
    if ((root != NULL) != accepted) fail_msg("%.20s: %u:%u %s", big, error.line, error.column, root ? "accepted" : error.what);
    assert_false(error.memory);
    end();
    return took;
}

#if defined(__SANITIZE_ADDRESS__)
#define SLOWER 10
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SLOWER 10
#endif
#endif
#ifndef SLOWER
#define SLOWER 1
#endif

/* Each piece, repeated to 1 MB, between a beginning and an end. */
static const struct {
    const char *first, *piece, *last;
    bool accepted;
} traps[] = {
    {"", "[", "", false}, {"", "{a: ", "", false}, {"", "- ", "", false}, {"", " ", "", false}, {"", "\n", "", false}, {"", "\t", "", false}, {"", "\t\n", "a", true}, {"", "# c\n", "a", true}, {"", "a", "", true}, {"", "a ", "", true}, {"", "a\n", "", true}, {"a", "\n", "b", true},
    {"\"", "\n", "\"", true}, {"\"", "\\L", "\"", true}, {"\"", "\\\n", "\"", true}, {"'", "''", "'", true}, {"'", " ", "'", true}, {"'", " \n", "'", true}, {"\"", "a", "", false}, {"", "\"", "", false}, {"", "'a\n", "", false}, {"", ":", "", false}, {"", ": ", "", false}, {"", "a: ", "", false}, {"", "?", "", true},
    {"|\n", " a\n", "", true}, {"|\n", " \n", " a", true}, {"|+\n", "\n", "", true}, {">\n", " a\n\n", "", true}, {">\n a\n", "\n", " b", true}, {"|\n", " ", "a", true}, {"[", "a,", "]", true}, {"[", "[],", "]", true}, {"[", "a\n", "]", true}, {"[", "\n", "]", true}, {"[", "# c\n", "]", false}, {"[\n", "# c\n", "]", true},
    {"[", "a: b, ", "]", true}, {"", "- a\n", "", true}, {"", "-\n", "", true}, {"", "- |\n", "", true}, {"", "- - a\n", "", true}, {"", "- 'a\n b'\n", "", true}, {"", "- a: b\n  c: d\n", "", true}, {"- a", "\n\n# c\n", "- b", true}, {"a: ", "b ", ": c", false}, {"", "...\n", "", false}, {"a\n", "...\n", "", true}, {"", "0", "", true}, {"0x", "f", "", false}, {"", "1.", "", true}, {"", "\xc3\xa9", "", true},
};

static void test_traps(void **state) {
    double worst = 0;
    size_t i, at = 0, most = (size_t)less(1 << 20);
    (void)state;
    big = (char *)malloc(most + 64);
    assert_non_null(big);
    for (i = 0; i < LLMFI_COUNT(traps); i++) {
        size_t first = strlen(traps[i].first), last = strlen(traps[i].last), len;
        double took;
        char *whole = big;
        memcpy(big, traps[i].first, first);
        big += first;
        len = repeat(traps[i].piece, most / strlen(traps[i].piece));
        big = whole;
        memcpy(big + first + len, traps[i].last, last);
        took = seconds(first + len + last, traps[i].accepted);
        if (took > worst) {
            worst = took;
            at = i;
        }
    }
    print_message("slowest of %zu traps of %zu bytes: %.0f ms (%s)\n", LLMFI_COUNT(traps), most, worst * 1000, traps[at].piece);
    assert_true(worst < 0.5 * SLOWER);
    free(big);
}

static void test_many_keys(void **state) {
    static const char *const forms[] = {"key%05u: 1\n", "k%ux: {}\n", "\"%u\": 'v'\n"};
    size_t form, len;
    unsigned i;
    (void)state;
    big = (char *)malloc(1 << 20);
    assert_non_null(big);
    for (form = 0; form < LLMFI_COUNT(forms); form++) {
        double took;
        for (i = 0, len = 0; i < 10000; i++) len += (size_t)sprintf(big + len, forms[form], i * 7919u % 10007u);
        took = seconds(len, true);
        print_message("10,000 keys: %.1f ms\n", took * 1000);
        assert_true(took < 0.05 * SLOWER);
        len += (size_t)sprintf(big + len, forms[form], 7919u * 5000u % 10007u);
        seconds(len, false);
        assert_int_equal(error.line, 10001);
        assert_int_equal(error.column, 1);
    }
    free(big);
}

/* However the text is cut: a value or an error with its place, and nothing left behind. */
static void test_cut(void **state) {
    size_t n;
    (void)state;
    for (n = 0; n < sizeof everything; n++) {
        begin();
        parse(llmfi_str(everything, n));
        end();
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good), cmocka_unit_test(test_number_text), cmocka_unit_test(test_bad), cmocka_unit_test(test_places),
        cmocka_unit_test(test_suite), cmocka_unit_test(test_json_suite), cmocka_unit_test(test_json_random), cmocka_unit_test(test_depth),
        cmocka_unit_test(test_key_length), cmocka_unit_test(test_memory_refused), cmocka_unit_test(test_traps), cmocka_unit_test(test_many_keys),
        cmocka_unit_test(test_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
