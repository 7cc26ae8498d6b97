/* JSON against schemas (JSON Schema Test Suite), patterns, answers that are not quite JSON, streams into structs. */
#include "../engine/kit.h"
#include "corpus.h"

static kit_world world;
static llmf_factory *f;

static int set_up(void **state) {
    llmf_desc d = kit_desc(&world);
    llmf_error err;
    (void)state;
    d.no_env = true;
    d.log = NULL;
    f = llmf_open(&d, &err);
    return f ? 0 : 1;
}

static int tear_down(void **state) {
    (void)state;
    llmf_close(f);
    return 0;
}

/* ---- schemas ---- */

static int groups, refused, right, wrong, malformed;
static char names[64][40];
static int name_counts[64];

static void count_name(const char *text) {
    const char *at = strstr(text, ": "), *end;
    char name[40];
    int i = 0;
    at = at ? at + 2 : text;
    end = strchr(at, ' ');
    if (strncmp(at, "the pattern", 11) == 0) snprintf(name, sizeof name, "pattern with \\p");
    else if (strstr(at, "is another document")) snprintf(name, sizeof name, "$ref elsewhere");
    else snprintf(name, sizeof name, "%.*s", (int)(end ? end - at : 30), at);
    while (name_counts[i] && strcmp(names[i], name) != 0) i++;
    if (i == 63) abort();
    strcpy(names[i], name);
    name_counts[i]++;
}

static void suite_group(const char *file, llmf_str group) {
    llmf_str schema, tests, test, data, valid, about;
    size_t at = 0, before = kit_used(f);
    llmf_error err;
    char *text;
    groups++;
    assert_true(llmf_json_get(group, "schema", &schema) && llmf_json_get(group, "tests", &tests));
    text = (char *)malloc(schema.len + 1);
    memcpy(text, schema.ptr, schema.len);
    text[schema.len] = '\0';
    if (llmf_json_check(f, text, kit_str(""), &err) != LLMF_OK && err.code != LLMF_ERR_SCHEMA) {
        refused++;
        if (err.code != LLMF_ERR_UNSUPPORTED) malformed++, printf("%s: %s\n", file, err.text);
        count_name(err.text);
        free(text);
        return;
    }
    while (llmf_json_each(tests, &at, NULL, &test)) {
        int rc;
        assert_true(llmf_json_get(test, "data", &data) && llmf_json_get(test, "valid", &valid) && llmf_json_get(test, "description", &about));
        rc = llmf_json_check(f, text, data, &err);
        if (rc == (kit_is(valid, "true") ? LLMF_OK : LLMF_ERR_SCHEMA)) right++;
        else wrong++, printf("%s: %.*s: %s: %s\n", file, (int)about.len, about.ptr, llmf_result_name(rc), err.text);
        if (rc == LLMF_ERR_SCHEMA) assert_true(err.text[0] == '(' || err.text[0] == '/');
    }
    free(text);
    assert_int_equal(kit_used(f), before);
}

static void suite_file(const char *name, llmf_str text) {
    llmf_str group;
    size_t at = 0;
    while (llmf_json_each(text, &at, NULL, &group)) suite_group(name, group);
}

static void test_suite(void **state) {
    static const char *const unknown[] = {"unevaluatedItems", "unevaluatedProperties", "$dynamicRef", "$dynamicAnchor", "$id", "$schema", "$ref elsewhere", "pattern with \\p", "$vocabulary", "foo"};
    static const char *const optional[] = {"bignum.json", "ecmascript-regex.json", "float-overflow.json", "non-bmp-regex.json", "no-schema.json", "anchor.json"}; /* of those that are no other drafts or formats */
    int i;
    size_t k;
    (void)state;
    if (!corpus_each("corpora/json-schema-test-suite/draft2020-12", suite_file)) skip();
    for (k = 0; k < KIT_COUNT(optional); k++) {
        char path[100];
        llmf_str text;
        snprintf(path, sizeof path, "corpora/json-schema-test-suite/draft2020-12/optional/%s", optional[k]);
        text = corpus_read(corpus_path(path));
        assert_non_null(text.ptr);
        suite_file(optional[k], text);
        free((char *)(uintptr_t)text.ptr);
    }
    printf("JSON Schema Test Suite, draft 2020-12: %d schemas, %d tests right, %d wrong; %d schemas refused:", groups, right, wrong, refused);
    for (i = 0; name_counts[i]; i++) printf(" %s %d", names[i], name_counts[i]);
    printf("\n");
    assert_int_equal(wrong, 0);
    assert_int_equal(malformed, 0);
    for (i = 0; name_counts[i]; i++) {
        for (k = 0; k < KIT_COUNT(unknown) && strcmp(unknown[k], names[i]) != 0; k++) continue;
        if (k == KIT_COUNT(unknown)) fail_msg("%s is refused", names[i]);
    }
    assert_true(right > 700);
}


/* What the suite does not have: messages, ends, odd patterns. */
static void test_check(void **state) {
    static const struct {
        const char *schema, *json;
        int code;
        const char *text;
    } rows[] = {
        {"{\"type\":\"object\",\"properties\":{\"a~b\":{\"items\":{\"maximum\":3}}}}", "{\"a~b\":[1,2,3.01]}", LLMF_ERR_SCHEMA, "/a~0b/2: must be at most 3"},
        {"{\"type\":[\"integer\",\"null\"]}", "\"x\"", LLMF_ERR_SCHEMA, "(root): must be of type null or integer, not string"},
        {"{\"type\":\"integer\"}", "1e400", LLMF_OK, ""},
        {"{\"maximum\":1e400}", "1e401", LLMF_ERR_SCHEMA, "must be at most 1e400"},
        {"{\"const\":9007199254740993}", "9007199254740992", LLMF_ERR_SCHEMA, "9007199254740993"},
        {"{\"multipleOf\":0.01}", "4.35", LLMF_OK, ""},
        {"{\"multipleOf\":3}", "1e999999999", LLMF_ERR_SCHEMA, "multiple of 3"},
        {"{\"required\":[\"a\",\"b\"]}", "{}", LLMF_ERR_SCHEMA, "(root): lacks the member a\n(root): lacks the member b"},
        {"{\"additionalProperties\":false}", "{\"x\":1}", LLMF_ERR_SCHEMA, "(root): has a member that the schema does not know: x"},
        {"{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"object\",\"required\":[\"k\"]}]}", "{}", LLMF_ERR_SCHEMA, "(root): lacks the member k"},
        {"{\"anyOf\":[{\"minimum\":3},{\"maximum\":1}]}", "2", LLMF_ERR_SCHEMA, "must fit one of the 2 schemas of anyOf"},
        {"{\"$ref\":\"#\"}", "1", LLMF_ERR_LIMIT, "goes round without an end"},
        {"{\"allOf\":[{\"$ref\":\"#\"},{\"$ref\":\"#\"}]}", "1", LLMF_ERR_LIMIT, "LLMF_MAX_CHECK_WORK"},
        {"{\"properties\":{\"next\":{\"$ref\":\"#\"}},\"additionalProperties\":false}", "{\"next\":{\"next\":{\"nxt\":1}}}", LLMF_ERR_SCHEMA, "/next/next: has a member that the schema does not know: nxt"},
        {"{\"pattern\":\"^(a+)+$\"}", "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\"", LLMF_ERR_SCHEMA, "must match the pattern ^(a+)+$"},
        {"{\"pattern\":\"^[\\\\w.+-]+@[\\\\w-]+(\\\\.[\\\\w-]{2,})+$\"}", "\"an.n+x@mail.example.org\"", LLMF_OK, ""},
        {"{\"pattern\":\"^\\\\u00e9[^\\\\u0000-\\\\u007f]?\\\\x41|\\\\bend\\\\b\"}", "\"\\u00e9A\"", LLMF_OK, ""},
        {"{\"pattern\":\"a{3\"}", "\"a\"", LLMF_ERR_UNSUPPORTED, "/pattern: the pattern has a { that"},
        {"{\"pattern\":\"(a{50}){50}\"}", "\"a\"", LLMF_ERR_UNSUPPORTED, "LLMF_MAX_REGEX"},
        {"{\"patternProperties\":{\"^x\":{\"type\":\"null\"}}}", "{\"xy\":1}", LLMF_ERR_SCHEMA, "/xy: must be of type null, not number"},
        {"{}", "{\"a\":1,\"a\":2}", LLMF_ERR_SCHEMA, "this key stands here twice"},
        {"{}", "[1,]", LLMF_ERR_SCHEMA, "not valid JSON at line 1, column 4"},
        {"true", "1", LLMF_OK, ""},
        {"{\"$schema\":\"http://json-schema.org/draft-04/schema#\"}", "1", LLMF_ERR_UNSUPPORTED, "$schema names another language"},
        {"{\"x-order\":3,\"title\":\"t\",\"format\":\"email\"}", "\"no\"", LLMF_OK, ""},
        {"{\"uniqueItems\":true}", "[{\"a\":1,\"b\":2},3,{\"b\":2.0,\"a\":1e0}]", LLMF_ERR_SCHEMA, "item 2 is equal to one before it"},
    };
    size_t i;
    llmf_error err;
    (void)state;
    for (i = 0; i < KIT_COUNT(rows); i++) {
        size_t before = kit_used(f);
        int rc = llmf_json_check(f, rows[i].schema, kit_str(rows[i].json), &err);
        if (rc != rows[i].code || rc != err.code || !kit_has(err.text, rows[i].text)) fail_msg("%s on %s: %s: %s", rows[i].schema, rows[i].json, llmf_result_name(rc), err.text);
        assert_int_equal(kit_used(f), before);
    }
    assert_int_equal(llmf_json_check(f, NULL, kit_str("1"), &err), LLMF_ERR_ARGUMENT);
    assert_int_equal(llmf_json_check(NULL, "{}", kit_str("1"), NULL), LLMF_ERR_ARGUMENT);
}

/* A large value and a pattern that is hard for others: the time is that of the text's length. */
static void test_limits(void **state) {
    kit_text t = {NULL, 0, 0};
    llmf_error err;
    double began = kit_seconds();
    int i;
    (void)state;
    kit_adds(&t, "[");
    for (i = 0; i < 20000; i++) kit_addf(&t, "%s{\"id\":%d}", i ? "," : "", i);
    kit_adds(&t, "]");
    assert_int_equal(llmf_json_check(f, "{\"uniqueItems\":true,\"items\":{\"properties\":{\"id\":{\"type\":\"integer\"}},\"required\":[\"id\"]}}", kit_str(t.ptr), &err), LLMF_OK);
    t.len = 0;
    kit_adds(&t, "\"");
    for (i = 0; i < 50000; i++) kit_adds(&t, "a");
    kit_adds(&t, "\"");
    assert_int_equal(llmf_json_check(f, "{\"pattern\":\"^(a|a)*(a|aa)+b$\"}", kit_str(t.ptr), &err), LLMF_ERR_SCHEMA);
    t.len = 0;
    for (i = 0; i < LLMF_MAX_DEPTH; i++) kit_adds(&t, "[");
    for (i = 0; i < LLMF_MAX_DEPTH; i++) kit_adds(&t, "]");
    assert_int_equal(llmf_json_check(f, "{\"items\":{\"$ref\":\"#\"},\"type\":\"array\"}", kit_str(t.ptr), &err), LLMF_OK);
    kit_drop(&t);
    assert_true(kit_seconds() - began < 20);
}

/* The work of one pattern over one text has a bound too, whatever the two are. */
static void test_work(void **state) {
    static const char *const patterns[] = {"(a?){900}b", "([^b-z]*){90}b", "^([a-c]|[a-d]){400}$"};
    kit_text t = {NULL, 0, 0};
    size_t i;
    (void)state;
    for (i = 0; i < 400000; i++) kit_adds(&t, "a");
    for (i = 0; i < KIT_COUNT(patterns); i++) {
        llmfi_arena arena;
        llmfi_regex *re;
        const char *bad;
        uint64_t work = 0;
        llmfi_arena_init(&arena, &f->heap, 0);
        re = llmfi_regex_make(&arena, kit_str(patterns[i]), &bad);
        assert_non_null(re);
        assert_false(llmfi_regex_matches(re, kit_str(t.ptr), &work, 100000));
        assert_true(work < 100000 + 10 * (uint64_t)LLMF_MAX_REGEX);
        llmfi_arena_free(&arena);
    }
    kit_drop(&t);
}

/* ---- answers that are not quite JSON ---- */

#define NPC "{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\"},\"mood\":{\"type\":\"string\"},\"ok\":{\"type\":[\"boolean\",\"null\"]},\"hp\":{\"type\":\"number\"}," \
    "\"tags\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},\"at\":{\"type\":\"object\",\"properties\":{\"x\":{\"type\":\"integer\"},\"y\":{\"type\":\"integer\"}},\"required\":[\"x\"]}}," \
    "\"required\":[\"name\"],\"additionalProperties\":false}"
static const char *const outputs[] = {
    "{\"name\": \"Ann\", \"mood\": \"calm\", \"ok\": true, \"hp\": 12.5, \"tags\": [\"a\", \"b c\"], \"at\": {\"x\": 1, \"y\": -2}}",
    "{\n  \"name\": \"Bo \\\"the\\\" Bold\",\n  \"hp\": 1e3,\n  \"ok\": null,\n  \"tags\": []\n}",
    "{\"hp\":0,\"tags\":[\"it's\",\"{x}\",\"[1,2]\",\"a, b\"],\"name\":\"O'Neil\",\"ok\":false}",
    "{\"name\":\"\\u00c9l\\ud83d\\ude00 \xc3\xa9t\xc3\xa9 \xf0\x9f\x98\x80\",\"mood\":\"// no comment /* here */\",\"at\":{\"x\":10}}",
    "{\"name\":\"\",\"at\":{\"y\":7,\"x\":123456789},\"mood\":\"a\\\\b\\n\\tc\"}",
    "{\"mood\":\"True\",\"tags\":[\"None\",\"null\",\"\"],\"name\":\"N\",\"hp\":-0.5,\"at\":{\"x\":0,\"y\":0},\"ok\":true}",
};

enum { PLAIN, SINGLE, COMMAS, COMMENTS, KEYS, PYTHON, CONTROLS, STYLES };

/* The same value in another spelling. */
static void respell(kit_text *to, const char *json, int style) {
    const char *p = json, *end;
    to->len = 0;
    kit_adds(to, "");
    while (*p) {
        if (*p == '"') {
            bool key;
            for (end = p + 1; *end != '"'; end++) end += *end == '\\';
            key = end[1] == ':';
            if (style == KEYS && key) {
                kit_add(to, p + 1, (size_t)(end - p) - 1);
            } else if (style == SINGLE) {
                const char *q;
                kit_adds(to, "'");
                for (q = p + 1; q < end; q++) {
                    if (*q == '\\' && q[1] == '"') kit_adds(to, "\""), q++;
                    else if (*q == '\\') kit_add(to, q, 2), q++;
                    else if (*q == '\'') kit_adds(to, "\\'");
                    else kit_add(to, q, 1);
                }
                kit_adds(to, "'");
            } else if (style == CONTROLS) {
                const char *q;
                for (q = p; q <= end; q++) {
                    if (*q == '\\' && (q[1] == 'n' || q[1] == 't')) kit_adds(to, q[1] == 'n' ? "\n" : "\t"), q++;
                    else if (*q == '\\') kit_add(to, q, 2), q++;
                    else kit_add(to, q, 1);
                }
            } else {
                kit_add(to, p, (size_t)(end - p) + 1);
            }
            p = end + 1;
            continue;
        }
        if (style == COMMAS && (*p == '}' || *p == ']') && p[-1] != '[') kit_adds(to, ",");
        if (style == PYTHON && (*p == 't' || *p == 'f')) {
            kit_adds(to, *p == 't' ? "True" : "False");
            p += *p == 't' ? 4 : 5;
            continue;
        }
        if (style == PYTHON && *p == 'n') {
            kit_adds(to, "None");
            p += 4;
            continue;
        }
        kit_add(to, p, 1);
        if (style == COMMENTS && (*p == ',' || *p == '{' || *p == ':')) kit_adds(to, *p == ',' ? " // so, \"it\" is }\n" : "/* a * note, [1 */");
        p++;
    }
}

static const char *const frames[][2] = {
    {"", ""}, {"```json\n", "\n```"}, {"```\n", "\n```\n"}, {"Sure! Here it is: ", ""}, {"The value [as you asked] is:\n\n```json\n", "\n```\nTell me if {more} is wanted."}, {"", "\n\nI hope that helps."},
};

/* Nothing is in `a` that is not in `b`: members and items may lack, texts may be shorter. */
static bool below(const llmfi_node *a, const llmfi_node *b) {
    const llmfi_node *x, *y;
    if (a->type != b->type || a->count > b->count) return false;
    if (a->type == LLMFI_STRING) return llmfi_starts(b->text, a->text);
    if (a->type == LLMFI_NUMBER) return llmfi_eq(a->text, b->text);
    for (x = a->child, y = b->child; x; x = x->next, y = y->next) {
        const llmfi_node *other = a->type == LLMFI_OBJECT ? llmfi_member(b, x->key) : y;
        if (!other || !below(x, other)) return false;
    }
    return true;
}

typedef struct mutants {
    llmfi_schema schema;
    llmfi_arena arena;
    long as_is, found, mended, cut, again, total;
} mutants;

/* One answer. Returns the result; where it is LLMF_OK the value must keep to the schema, and, `whole` not NULL, must be below that (the same, unless cut). */
static int mutant(mutants *m, llmf_str text, const llmfi_node *whole) {
    size_t before = kit_used(f);
    llmfi_parse_error bad;
    llmfi_arena arena;
    char said[600];
    llmfi_text t = llmfi_text_in(said, sizeof said);
    uint64_t work = 0;
    llmfi_buf value;
    llmf_error err;
    int repaired, rc;
    llmfi_buf_init(&value, &f->heap, 0);
    rc = llmfi_answer_take(&m->schema, text, false, &value, &repaired, &t);
    m->total++;
    if (rc == LLMF_OK) {
        const llmfi_node *root;
        llmfi_arena_init(&arena, &f->heap, 0);
        root = llmfi_json_parse(&arena, llmfi_buf_str(&value), &bad, true);
        assert_non_null(root);
        assert_int_equal(llmf_json_check(f, NPC, llmfi_buf_str(&value), &err), LLMF_OK);
        if (whole && !(below(root, whole) && (repaired & LLMF_JSON_CUT || llmfi_node_equal(root, whole, &work)))) fail_msg("%.*s became %.*s", (int)text.len, text.ptr, (int)value.len, value.ptr);
        llmfi_arena_free(&arena);
        if (repaired & LLMF_JSON_CUT) m->cut++;
        else if (repaired & LLMF_JSON_MENDED) m->mended++;
        else if (repaired) m->found++;
        else m->as_is++;
    } else {
        assert_int_equal(rc, LLMF_ERR_SCHEMA);
        assert_true(t.len > 0);
        m->again++;
    }
    llmfi_buf_free(&value);
    assert_int_equal(kit_used(f), before);
    return rc;
}

static void say_mutants(const char *what, const mutants *m) {
    printf("%-28s %6ld answers: %5.1f%% as they are, %5.1f%% found between other words, %5.1f%% mended, %5.1f%% cut and closed, %5.1f%% asked again\n", what, m->total, 100.0 * (double)m->as_is / (double)m->total,
           100.0 * (double)m->found / (double)m->total, 100.0 * (double)m->mended / (double)m->total, 100.0 * (double)m->cut / (double)m->total, 100.0 * (double)m->again / (double)m->total);
}

static void mutants_begin(mutants *m) {
    llmf_error err;
    memset(m, 0, sizeof *m);
    llmfi_arena_init(&m->arena, &f->heap, 0);
    assert_true(llmfi_schema_make(&m->schema, &m->arena, kit_str(NPC), &err));
}

static void test_mutants(void **state) {
    static const char *const names_of[STYLES] = {"plain", "single quotes", "trailing commas", "comments", "keys without quotes", "True, False, None", "control characters"};
    kit_text spelt = {NULL, 0, 0}, text = {NULL, 0, 0};
    uint64_t seed = 20251129;
    long total = 0, cuts = 0, kept = 0;
    llmfi_parse_error bad;
    mutants m;
    size_t i, k, n;
    int style;
    (void)state;
    for (style = 0; style < STYLES; style++) {
        mutants_begin(&m);
        for (i = 0; i < KIT_COUNT(outputs); i++) {
            const llmfi_node *whole = llmfi_json_parse(&m.arena, kit_str(outputs[i]), &bad, true);
            respell(&spelt, outputs[i], style);
            for (k = 0; k < KIT_COUNT(frames); k++) {
                size_t step = k == 0 || (k == 1 && style == PLAIN) ? 1 : k == 1 ? 3 : 9;
                text.len = 0;
                kit_adds(&text, frames[k][0]);
                kit_add(&text, spelt.ptr, spelt.len);
                kit_adds(&text, frames[k][1]);
                if (mutant(&m, kit_str(text.ptr), whole) != LLMF_OK) fail_msg("refused: %s", text.ptr); /* whole, in whatever spelling */
                for (n = 0; n < text.len; n += step) { /* and cut */
                    int rc;
                    llmf_str piece = kit_str(text.ptr);
                    piece.len = n;
                    rc = mutant(&m, piece, whole);
                    cuts++;
                    kept += rc == LLMF_OK;
                }
            }
        }
        say_mutants(names_of[style], &m);
        total += m.total;
        llmfi_arena_free(&m.arena);
    }
    assert_true(kept > cuts / 3 && kept < cuts); /* what lacks the name is asked again */
    mutants_begin(&m);
    for (n = 0; n < 4000; n++) { /* bytes changed, taken away, put in */
        static const char odd[] = "{}[]\",:'\\/*tfn0-9 \n";
        size_t at, edits = 1 + kit_random(&seed) % 3;
        respell(&spelt, outputs[kit_random(&seed) % KIT_COUNT(outputs)], (int)(kit_random(&seed) % STYLES));
        for (; edits; edits--) {
            at = kit_random(&seed) % spelt.len;
            switch (kit_random(&seed) % 3) {
            case 0: spelt.ptr[at] = odd[kit_random(&seed) % (sizeof odd - 1)]; break;
            case 1: memmove(spelt.ptr + at, spelt.ptr + at + 1, spelt.len-- - at); break;
            default: spelt.ptr[at] = (char)kit_random(&seed); break;
            }
        }
        (void)mutant(&m, llmfi_str(spelt.ptr, spelt.len), NULL);
    }
    say_mutants("bytes changed", &m);
    assert_true(m.again > m.total / 4 && m.again < m.total);
    total += m.total;
    llmfi_arena_free(&m.arena);
    kit_drop(&spelt);
    kit_drop(&text);
    printf("mutated answers: %ld\n", total);
    assert_true(total >= 10000);
}

/* What is refused, as it can mean several things, and what is taken of several values. */
static void test_not_mended(void **state) {
    static const struct {
        const char *text, *value;  /* NULL: none */
    } rows[] = {
        {"{\"name\": \"a\" \"mood\": \"b\"}", NULL}, {"{\"name\": \"a \"b\" c\"}", NULL}, {"{\"name\": \"a\", \"hp\": 1,5}", NULL}, {"{\"name\": \"a\", \"tags\": [\"b\"}", NULL}, {"{\"name\": \"a\",, \"hp\": 1}", NULL},
        {"{\"name\": \"a\", \"hp\": NaN}", NULL}, {"{\"name\": \"a\", \"hp\": .5}", NULL}, {"{\"name\": \"a\\_b\"}", NULL}, {"{\"name\" = \"a\"}", NULL}, {"name: a", NULL}, {"", NULL}, {"[", NULL}, {"{", NULL},
        {"{\"at\": {\"x\": 1}, \"oops\" {\"name\": \"inner\"}}", NULL},
        {"{\"name\": \"a\", \"hp\": 12", "{\"name\":\"a\"}"}, {"{\"name\": \"a\", \"hp\": 12,", "{\"name\":\"a\",\"hp\":12}"}, {"{\"name\": \"a\", \"ok\": t", "{\"name\":\"a\",\"ok\":true}"},
        {"{\"name\": \"a\", \"mood\"", "{\"name\":\"a\"}"}, {"{\"name\": \"a\", \"mo", "{\"name\":\"a\"}"}, {"{\"name\": \"a\\", "{\"name\":\"a\"}"}, {"{\"name\": \"a\\ud83d", "{\"name\":\"a\"}"}, {"{\"name\": \"a\\ud83d\\ude", "{\"name\":\"a\"}"},
        {"{\"name\": \"\\\\ud83d", "{\"name\":\"\\\\ud83d\"}"}, {"{\"no\": 1} then {\"name\": 'b'}", "{\"name\":\"b\"}"}, {"Say [x] to {\"name\": \"a\",}", "{\"name\":\"a\"}"},
    };
    mutants m;
    size_t i;
    (void)state;
    mutants_begin(&m);
    for (i = 0; i < KIT_COUNT(rows); i++) {
        char said[600];
        llmfi_text t = llmfi_text_in(said, sizeof said);
        llmfi_buf value;
        int repaired, rc;
        llmfi_buf_init(&value, &f->heap, 0);
        rc = llmfi_answer_take(&m.schema, kit_str(rows[i].text), false, &value, &repaired, &t);
        if (rc != (rows[i].value ? LLMF_OK : LLMF_ERR_SCHEMA) || (rows[i].value && (!kit_is(llmfi_buf_str(&value), rows[i].value) || !repaired))) fail_msg("%s: %d %.*s", rows[i].text, rc, (int)value.len, value.ptr);
        rc = llmfi_answer_take(&m.schema, kit_str(rows[i].text), true, &value, &repaired, &t);
        assert_int_equal(rc, LLMF_ERR_SCHEMA);
        llmfi_buf_free(&value);
    }
    llmfi_arena_free(&m.arena);
}

/* ---- streams ---- */

typedef struct spot {
    int x;
    float y;
} spot;
typedef struct hero {
    char name[8];
    int64_t hp;
    double luck;
    bool alive;
    signed char mood;
    short level;
    spot at, trail[3];
    size_t trail_count, tag_count, score_count;
    char tags[2][6];
    int8_t scores[4];
} hero;
static const llmf_field spot_fields[] = {LLMF_FIELD(spot, x, INT), LLMF_FIELD(spot, y, DOUBLE), {0}};
static const llmf_field hero_fields[] = {
    LLMF_FIELD(hero, name, STRING), LLMF_FIELD(hero, hp, INT), LLMF_FIELD(hero, luck, DOUBLE), LLMF_FIELD(hero, alive, BOOL), LLMF_FIELD_ENUM(hero, mood, "calm|angry|sad"), LLMF_FIELD(hero, level, INT),
    LLMF_FIELD_OBJECT(hero, at, spot_fields), LLMF_FIELD_OBJECTS(hero, trail, trail_count, spot_fields), LLMF_FIELD_ARRAY(hero, tags, tag_count, STRING), LLMF_FIELD_ARRAY(hero, scores, score_count, INT), {0}};
#define HERO "Sure: ```json\n{\"name\": \"\xc3\x89l\\u00e9a\\ud83d\\ude00xx\", \"hp\": 9007199254740993, \"unknown\": {\"deep\": [[{}], {\"x\": 7}], \"name\": \"no\"}, \"luck\": -1.5e-3, \"alive\": true, \"mood\": \"angry\"," \
    "\"level\": 12.0, \"at\": {\"x\": 3, \"y\": 0.25}, \"trail\": [{\"x\": 1}, {\"y\": 2, \"x\": -5}, {}, {\"x\": 9}], \"tags\": [\"one\", \"longer tag\", \"third\"], \"scores\": [1, -128, 300, null]}\n``` Bye }"

static void hero_stream(llmf_json_stream *s, hero *h) {
    memset(s, 0, sizeof *s);
    memset(h, 0, sizeof *h);
    s->fields = hero_fields;
    s->to = h;
}

static void test_struct(void **state) {
    llmf_str all = kit_str(HERO);
    llmf_json_stream s;
    hero h, whole, part;
    size_t i, k;
    (void)state;
    hero_stream(&s, &whole);
    assert_int_equal(llmf_json_feed(&s, all), 1);
    assert_string_equal(whole.name, "\xc3\x89l\xc3\xa9" "a"); /* of the next character one byte would fit */
    assert_true(whole.hp == INT64_C(9007199254740993) && whole.luck == (double)-1.5e-3 && whole.alive && whole.mood == 1 && whole.level == 12); /* the cast: on i386 a constant has more digits */
    assert_true(whole.at.x == 3 && whole.at.y == 0.25f && whole.trail_count == 3 && whole.trail[0].x == 1 && whole.trail[1].x == -5 && whole.trail[1].y == 2 && whole.trail[2].x == 0);
    assert_true(whole.tag_count == 2 && strcmp(whole.tags[0], "one") == 0 && strcmp(whole.tags[1], "longe") == 0);
    assert_true(whole.score_count == 4 && whole.scores[1] == -128 && whole.scores[2] == 0);
    assert_int_equal(s.lost, 5); /* the name, an item of the trail, a tag cut, a tag, 300 */
    for (i = 0; i <= all.len; i++) { /* every split: the same at the end, and never anything before that is not so at the end */
        hero_stream(&s, &h);
        k = llmf_json_feed(&s, llmfi_str(all.ptr, i)) == 1;
        part = h;
        assert_true(strncmp(whole.name, part.name, strlen(part.name)) == 0);
        assert_true((!part.hp || part.hp == whole.hp) && (part.luck == 0 || part.luck == whole.luck) && (!part.level || part.level == 12) && (!part.at.x || part.at.x == 3) && part.trail_count <= 3);
        assert_true(strncmp(whole.tags[1], part.tags[1], strlen(part.tags[1])) == 0);
        assert_int_equal(llmf_json_feed(&s, llmfi_from(all, i)), 1);
        assert_memory_equal(&h, &whole, sizeof h);
        assert_int_equal(s.lost, 5);
        if (k) assert_memory_equal(&part, &whole, sizeof h);
    }
    hero_stream(&s, &h);
    for (i = 0; i < all.len; i++) (void)llmf_json_feed(&s, llmfi_str(all.ptr + i, 1));
    assert_memory_equal(&h, &whole, sizeof h);
}

static void test_struct_wrong(void **state) {
    static const struct {
        const char *text;
        int code;
        const char *why, *path;
    } rows[] = {
        {"{\"name\": 3}", LLMF_ERR_SCHEMA, "number stands where none", "/name"}, {"{\"hp\": \"x\"}", LLMF_ERR_SCHEMA, "text stands where none", "/hp"}, {"{\"hp\": 1.5}", LLMF_ERR_SCHEMA, "whole number", "/hp"},
        {"{\"mood\": \"glad\"}", LLMF_ERR_SCHEMA, "none of the words", "/mood"}, {"{\"at\": [1]}", LLMF_ERR_SCHEMA, "array stands where none", "/at"}, {"{\"tags\": \"x\"}", LLMF_ERR_SCHEMA, "text stands where none", "/tags"},
        {"{\"trail\": [{\"x\": 1}, {\"x\": true}]}", LLMF_ERR_SCHEMA, "true or false stands", "/trail/1/x"}, {"{\"tags\": [[]]}", LLMF_ERR_SCHEMA, "array stands where none", "/tags/0"}, {"{\"alive\": 1}", LLMF_ERR_SCHEMA, "a number stands", "/alive"},
        {"{\"hp\": 01}", LLMF_ERR_SCHEMA, "malformed", "/hp"}, {"{\"hp\": 1]", LLMF_ERR_SCHEMA, "closes what is not open", "/hp"}, {"{\"a\" 1}", LLMF_ERR_SCHEMA, ": is expected", "/a"}, {"{\"a\": 1 \"b\"}", LLMF_ERR_SCHEMA, "comma", "/a"},
        {"{\"a\": nul1}", LLMF_ERR_SCHEMA, "a value is expected", "/a"}, {"{\"a\": \"\\x\"}", LLMF_ERR_SCHEMA, "unknown escape", "/a"}, {"{\"a\": \"\\u12g\"}", LLMF_ERR_SCHEMA, "hexadecimal", "/a"}, {"{\"a\": 1,}", LLMF_ERR_SCHEMA, "key in quotes", "/a"},
        {"{\"a\": \"\n\"}", LLMF_ERR_SCHEMA, "control character", "/a"}, {"{\"hp\": 10000000000000000000000000000000000000000000000000000000000000000000000}", LLMF_ERR_LIMIT, "64 characters", "/hp"},
    };
    llmf_json_stream s;
    hero h;
    size_t i;
    (void)state;
    for (i = 0; i < KIT_COUNT(rows); i++) {
        hero_stream(&s, &h);
        if (llmf_json_feed(&s, kit_str(rows[i].text)) != -rows[i].code || !kit_has(s.error, rows[i].why) || strcmp(s.path, rows[i].path) != 0) fail_msg("%s: %s at %s", rows[i].text, s.error ? s.error : "(right)", s.path);
        assert_int_equal(llmf_json_feed(&s, kit_str("}")), -rows[i].code); /* for good */
    }
    hero_stream(&s, &h);
    assert_int_equal(llmf_json_feed(&s, kit_str("{\"hp\": 99999999999999999999, \"level\": 70000, \"name\": null, \"x/y\": {\"~\": 1}}")), 1);
    assert_true(s.lost == 2 && h.hp == 0 && h.level == 0);
}

/* The schema of a table is one that we know, and a value that fills the struct keeps to it. */
static void test_table_schema(void **state) {
    char text[2048], small[50];
    llmf_error err;
    size_t n = llmf_json_schema(hero_fields, text, sizeof text);
    (void)state;
    assert_true(n == strlen(text) && n < sizeof text);
    assert_int_equal(llmf_json_schema(hero_fields, small, sizeof small), n);
    assert_true(strlen(small) == sizeof small - 1 && strncmp(small, text, sizeof small - 1) == 0);
    assert_int_equal(llmf_json_schema(hero_fields, NULL, 0), n);
    n = llmf_json_schema(spot_fields, text, sizeof text);
    assert_int_equal(n, strlen(text));
    assert_string_equal(text, "{\"type\":\"object\",\"properties\":{\"x\":{\"type\":\"integer\"},\"y\":{\"type\":\"number\"}},\"required\":[\"x\",\"y\"],\"additionalProperties\":false}");
    (void)llmf_json_schema(hero_fields, text, sizeof text);
    assert_int_equal(llmf_json_check(f, text, kit_str("{\"name\":\"a\",\"hp\":1,\"luck\":0,\"alive\":true,\"mood\":\"sad\",\"level\":1,\"at\":{\"x\":1,\"y\":2},\"trail\":[{\"x\":1,\"y\":1}],\"tags\":[\"t\"],\"scores\":[1]}"), &err), LLMF_OK);
    assert_int_equal(llmf_json_check(f, text, kit_str("{\"name\":\"a\",\"hp\":1,\"luck\":0,\"alive\":true,\"mood\":\"glad\",\"level\":1,\"at\":{\"x\":1,\"y\":2},\"trail\":[{\"x\":1}],\"tags\":[2],\"scores\":[1]}"), &err), LLMF_ERR_SCHEMA);
    assert_string_equal(err.text, "/mood: must be one of calm, angry, sad\n/trail/0: lacks the member y\n/tags/0: must be of type string, not number");
}

/* ---- recorded streams ---- */

/* Everything that is heard, in one form: path, kind, text. */
static kit_text heard;
static bool in_text;

static void hear(void *user, const char *path, int kind, llmf_str text, int whole) {
    (void)user;
    if (!in_text) kit_addf(&heard, "%.250s %d ", path, kind);
    kit_add(&heard, text.ptr, text.len);
    in_text = !whole;
    if (whole) kit_adds(&heard, "\n");
}

/* The same from the tree. */
static void describe(kit_text *to, const llmfi_node *v, char *path, size_t len) {
    static const int kinds[] = {LLMF_KIND_NULL, LLMF_KIND_BOOL, LLMF_KIND_BOOL, LLMF_KIND_DOUBLE, LLMF_KIND_STRING};
    const llmfi_node *n;
    int i = 0;
    if (v->type < LLMFI_ARRAY) {
        kit_addf(to, "%s %d ", path, kinds[v->type]);
        if (v->type >= LLMFI_NUMBER) kit_add(to, v->text.ptr, v->text.len);
        else kit_adds(to, v->type == LLMFI_NULL ? "null" : v->type == LLMFI_TRUE ? "true" : "false");
        kit_adds(to, "\n");
    }
    for (n = v->child; n; n = n->next) {
        llmfi_text t = llmfi_text_in(path + len, 1000 - len);
        if (v->type == LLMFI_OBJECT) {
            llmfi_say_step_of_pointer(&t, n->key);
        } else {
            llmfi_say(&t, LLMFI_LIT("/"));
            llmfi_say_int(&t, i++);
        }
        describe(to, n, path, len + t.len);
        path[len] = '\0';
    }
}

static long streams, answers, arguments, splits;

static void begin_hearing(llmf_json_stream *s) {
    memset(s, 0, sizeof *s);
    s->on_value = hear;
    heard.len = 0;
    kit_adds(&heard, "");
    in_text = false;
}

/* A text that came as a stream: every split of it, or as many as the time allows, and byte by byte. */
static void every_split(llmf_str text) {
    kit_text want = {NULL, 0, 0};
    llmfi_parse_error bad;
    llmfi_arena arena;
    const llmfi_node *root;
    llmf_json_stream s;
    char path[1000] = "";
    size_t i, step = 1 + text.len * text.len / 1000000;
    text = llmfi_trim(text);
    if (!text.len || (text.ptr[0] != '{' && text.ptr[0] != '[')) return;
    llmfi_arena_init(&arena, &f->heap, 0);
    root = llmfi_json_parse(&arena, text, &bad, true);
    if (root) {
        streams++;
        kit_adds(&want, "");
        describe(&want, root, path, 0);
        for (i = 0; i <= text.len; i += step, splits++) {
            begin_hearing(&s);
            (void)llmf_json_feed(&s, llmfi_str(text.ptr, i));
            if (llmf_json_feed(&s, llmfi_from(text, i)) != 1) fail_msg("split at %zu: %s at %s: %.*s", i, s.error ? s.error : "not yet", s.path, (int)text.len, text.ptr);
            if (heard.len != want.len || memcmp(heard.ptr, want.ptr, want.len) != 0) fail_msg("split at %zu: %s\ninstead of %s", i, heard.ptr, want.ptr);
        }
        begin_hearing(&s);
        for (i = 0; i < text.len; i++) assert_int_equal(llmf_json_feed(&s, llmfi_str(text.ptr + i, 1)), i + 1 == text.len);
        assert_string_equal(heard.ptr, want.ptr);
    }
    llmfi_arena_free(&arena);
    kit_drop(&want);
}

static void play(llmf_factory *p, const char *path) {
    static const char *const dialects[][2] = {{"chat_completions", "openai"}, {"messages", "anthropic"}, {"api_chat", "ollama"}, {"responses", "openai_responses"}, {"stream_generate_content", "gemini"}, {"chat_v2", "cohere"}};
    llmf_str file = corpus_read(path), operation, response, value;
    const char *dialect = NULL;
    char name[64];
    size_t i, cap;
    char *body;
    llmf_recording recording;
    llmf_request req = kit_request(true);
    llmf_call c;
    kit_seen seen;
    if (!file.ptr) return;
    if (!llmf_json_get(file, "operation", &operation) || !llmf_json_get(file, "response", &response) || !llmf_json_get(response, "body_text", &value)) goto end;
    for (i = 0; i < KIT_COUNT(dialects); i++)
        if (operation.len == strlen(dialects[i][0]) + 2 && memcmp(operation.ptr + 1, dialects[i][0], operation.len - 2) == 0) dialect = dialects[i][1];
    if (!dialect) goto end;
    cap = llmf_json_string(value, NULL, 0) + 1;
    body = (char *)malloc(cap);
    assert_non_null(body);
    (void)llmf_json_string(value, body, cap);
    memset(&recording, 0, sizeof recording);
    memset(&seen, 0, sizeof seen);
    recording.body = llmfi_str(body, cap - 1);
    llmf_replay(p, &recording);
    snprintf(name, sizeof name, "%s:unknown", dialect);
    c = llmf_start(p, llmf_get(p, name, NULL), &req);
    assert_true(kit_run(p, c, &seen, 30));
    if (seen.code == LLMF_OK) {
        every_split(seen.response.text);
        answers = streams - arguments;
        for (i = 0; i < seen.response.tool_call_count; i++)
            if (seen.response.tool_calls[i].arguments.len > 2) every_split(seen.response.tool_calls[i].arguments);
        arguments = streams - answers;
    }
    kit_forget(&seen);
    llmf_free(p, c);
    free(body);
end:
    free((char *)(uintptr_t)file.ptr);
}

static void test_recorded(void **state) {
    llmf_str index = corpus_read(corpus_path("traffic/index.jsonl")), rest = index;
    llmf_desc d = kit_desc(&world);
    llmf_factory *p;
    llmf_error err;
    (void)state;
    if (!index.ptr) skip();
    d.no_env = true;
    d.log = NULL;
    d.transport = "replay";
    d.api_key = "k";
    p = llmf_open(&d, &err);
    assert_non_null(p);
    while (rest.len && streams < 260) {
        size_t n = llmfi_find_char(rest, '\n');
        llmf_str line = llmfi_str(rest.ptr, n == LLMFI_NOWHERE ? rest.len : n), stream, file;
        if (llmf_json_get(line, "stream", &stream) && kit_is(stream, "true") && llmf_json_get(line, "file", &file)) {
            char path[600], name[512];
            (void)llmf_json_string(file, name, sizeof name);
            snprintf(path, sizeof path, "traffic/%s", name);
            play(p, corpus_path(path));
        }
        rest = llmfi_from(rest, line.len + (n != LLMFI_NOWHERE));
    }
    printf("recorded streams of JSON: %ld answers and %ld arguments of tools, in %ld splits and byte by byte: each gives the value that is there at the end\n", answers, arguments, splits);
    llmf_close(p);
    free((char *)(uintptr_t)index.ptr);
    kit_drop(&heard);
    assert_true(streams >= 200);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_suite), cmocka_unit_test(test_check), cmocka_unit_test(test_limits), cmocka_unit_test(test_work), cmocka_unit_test(test_mutants), cmocka_unit_test(test_not_mended),
        cmocka_unit_test(test_struct), cmocka_unit_test(test_struct_wrong), cmocka_unit_test(test_table_schema), cmocka_unit_test(test_recorded),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
