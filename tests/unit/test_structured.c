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
    int i;
    size_t k;
    (void)state;
    if (!corpus_each("corpora/json-schema-test-suite/draft2020-12", suite_file)) skip();
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

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_suite)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
