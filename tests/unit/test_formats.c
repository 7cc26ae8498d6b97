/* What models write besides JSON: elements, sections, fences, tables and records, found and walked through; broken ones told; any cut and any byte does no harm. */
#include "../engine/kit.h"

typedef struct row {
    int kind;
    const char *text, *want;       /* name=value; or !code name=value; for what is wrong */
} row;

static const row rows[] = {
    {LLMF_EACH_XML, "Sure: <answer id=\"a>b\">one <b>two</b></answer> and <br/> and <answer>3</answer>!", "answer=one <b>two</b>;br=;answer=3;"},
    {LLMF_EACH_XML, "<a><a>x</a><a/>y</a>", "a=<a>x</a><a/>y;"},
    {LLMF_EACH_XML, "1 < 2, <3 </z> <!-- <c>no</c> --> <d><![CDATA[</d>]]></d>", "d=<![CDATA[</d>]]>;"},
    {LLMF_EACH_XML, "<think>so <plan>a</plan> cut", "!truncated think=so <plan>a</plan> cut;plan=a;"},
    {LLMF_EACH_XML, "<a", ""},
    {LLMF_EACH_XML, "<?xml version='1.0'?><!DOCTYPE x><x:y z='<'/>", "x:y=;"},
    {LLMF_EACH_SECTION, "Front\n\n# One #\nbody\n## Sub\nmore\n```\n# no heading\n```\n# Two\r\n\r\nlast", "=Front;One=body\n## Sub\nmore\n```\n# no heading\n```;Two=last;"},
    {LLMF_EACH_SECTION, "## A\n#hashtag\n####### seven\n### B\nx\n## C", "A=#hashtag\n####### seven\n### B\nx;C=;"},
    {LLMF_EACH_SECTION, "no heading", "=no heading;"},
    {LLMF_EACH_SECTION, "", ""},
    {LLMF_EACH_FENCE, "a\n```c\nint x;\n```\nb\n~~~~\n```\n~~~\n~~~~\n", "c=int x;\n;=```\n~~~\n;"},
    {LLMF_EACH_FENCE, "``` json x\n{", "!truncated json x={;"},
    {LLMF_EACH_FENCE, "```\n```", "=;"},
    {LLMF_EACH_TABLE, "Here:\n\n| a | b |\n|---|:-:|\n| 1 | 2 |\n| 3 | x \\| y |\n\nand\n\nc | d\n-|-\n5 | 6\n", "| a | b |=| 1 | 2 |;| a | b |=| 3 | x \\| y |;c | d=5 | 6;"},
    {LLMF_EACH_TABLE, "|a|b|\n|-|-|\n|1|\n|1|2|", "!schema |a|b|=|1|;|a|b|=|1|2|;"},
    {LLMF_EACH_TABLE, "|a|b|\n|-|-|\n\nnone\n|a|\n|--|\n", ""},
    {LLMF_EACH_TABLE, "| not | a |\n| table | b |", ""},
    {LLMF_EACH_CSV, "name,age\r\nAnn,3\r\n\"Bo, \"\"B\"\"\",\"4\n5\"\r\n\r\n", "name,age=Ann,3;name,age=\"Bo, \"\"B\"\"\",\"4\n5\";"},
    {LLMF_EACH_CSV, "\na,b\n1\n1,2,3\n,\n", "!schema a,b=1;!schema a,b=1,2,3;a,b=,;"},
    {LLMF_EACH_CSV, "a,b\n\"1,2\n", "!schema a,b=\"1,2\n;"},
    {LLMF_EACH_CSV, "a,b\n1,2\"3\n4,5", "!schema a,b=1,2\"3;a,b=4,5;"},
    {LLMF_EACH_CSV, "only", ""},
    {LLMF_EACH_TABLE_CELL, "| a | b \\| c | |", "=a;=b \\| c;=;"},
    {LLMF_EACH_TABLE_CELL, "a|b", "=a;=b;"},
    {LLMF_EACH_CSV_CELL, "a,,\"b,\"\"c\"", "=a;=;=\"b,\"\"c\";"},
    {99, "x", "!argument =;"},
};

static void list(kit_text *to, int kind, llmf_str text) {
    llmf_str name = {"", 0}, value = {"", 0};
    size_t at = 0;
    int rc, n = 0;
    to->len = 0;
    kit_adds(to, "");
    while ((rc = llmf_text_each(kind, text, &at, &name, &value)) != 0) {
        if (rc < 0) kit_addf(to, "!%s ", llmf_result_name(-rc));
        kit_add(to, name.ptr, name.len);
        kit_adds(to, "=");
        kit_add(to, value.ptr, value.len);
        kit_adds(to, ";");
        assert_true((!value.len || (value.ptr >= text.ptr && value.ptr + value.len <= text.ptr + text.len)) && (!name.len || (name.ptr >= text.ptr && name.ptr + name.len <= text.ptr + text.len)));
        assert_true(++n <= (int)text.len + 2);
        if (rc == -LLMF_ERR_ARGUMENT) break;
    }
}

static void test_each(void **state) {
    kit_text got = {NULL, 0, 0};
    size_t i;
    (void)state;
    for (i = 0; i < KIT_COUNT(rows); i++) {
        list(&got, rows[i].kind, kit_str(rows[i].text));
        if (strcmp(got.ptr, rows[i].want) != 0) fail_msg("%s\ngives %s\ninstead of %s", rows[i].text, got.ptr, rows[i].want);
    }
    kit_drop(&got);
}

static void test_decode(void **state) {
    static const struct {
        int kind;
        const char *raw, *want;    /* NULL: it is none */
    } cells[] = {
        {LLMF_EACH_XML, "a &lt;b&gt; &amp;&#65;&#x42;<![CDATA[<c>]]><!-- d -->", "a <b> &AB<c>"}, {LLMF_EACH_XML, "&nbsp;", NULL}, {LLMF_EACH_XML, "", ""},
        {LLMF_EACH_CSV_CELL, "\"a \"\"b\"\"\"", "a \"b\""}, {LLMF_EACH_CSV_CELL, "a b", "a b"}, {LLMF_EACH_CSV_CELL, "\"\"", ""}, {LLMF_EACH_CSV_CELL, "\" ", ""}, {LLMF_EACH_TABLE_CELL, "x \\| y\\n", "x | y\\n"}, {LLMF_EACH_SECTION, "as it is", "as it is"},
    };
    size_t i, n;
    char out[64], few[4];
    (void)state;
    for (i = 0; i < KIT_COUNT(cells); i++) {
        n = llmf_text_decode(cells[i].kind, kit_str(cells[i].raw), out, sizeof out);
        if (!cells[i].want) {
            assert_true(n == LLMF_NOT_A_STRING);
            continue;
        }
        assert_string_equal(out, cells[i].want);
        assert_int_equal(n, strlen(out));
        assert_int_equal(llmf_text_decode(cells[i].kind, kit_str(cells[i].raw), few, sizeof few), n);
        assert_true(strncmp(few, out, 3) == 0 && strlen(few) <= 3);
        assert_int_equal(llmf_text_decode(cells[i].kind, kit_str(cells[i].raw), NULL, 0), n);
    }
}

/* Every cut of every row by every kind, and bytes changed: it ends, and stays inside. The text ends where its allocation does. */
static void test_any_bytes(void **state) {
    kit_text got = {NULL, 0, 0};
    uint64_t seed = 7;
    size_t i, n, runs = 0;
    int kind, edits;
    (void)state;
    for (i = 0; i < KIT_COUNT(rows); i++) {
        size_t len = strlen(rows[i].text);
        for (n = 0; n <= len; n++)
            for (kind = LLMF_EACH_XML; kind <= LLMF_EACH_CSV_CELL; kind++) {
                char *copy = (char *)malloc(n ? n : 1);
                if (n) memcpy(copy, rows[i].text, n);
                for (edits = 0; edits < 2; edits++, runs++) {
                    llmf_str text;
                    text.ptr = copy;
                    text.len = n;
                    list(&got, kind, text);
                    if (n) copy[kit_random(&seed) % n] = "<>/|-\"\n,#`a& "[kit_random(&seed) % 13];
                }
                free(copy);
            }
    }
    kit_drop(&got);
    printf("%zu texts walked through\n", runs);
    assert_true(runs > 5000);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_each), cmocka_unit_test(test_decode), cmocka_unit_test(test_any_bytes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
