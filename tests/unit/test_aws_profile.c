/* The shared config and credentials files: the suite of the AWS SDKs, and files that are no files. */
#include "corpus.h"
#include "../../src/base/json_tree.h"
#include "../../src/factory/aws_profile.h"

static char block[1 << 20], scratch[1 << 20];
static llmfi_heap heap, own;
static llmfi_arena arena;

/* What the two files say together: name of a profile, key, value; later ones over earlier. */
typedef struct entry {
    int section;
    char name[128], key[128], value[256];    /* key "": the profile itself */
} entry;
static entry entries[64];
static size_t count;
static char error_text[256];

static void set(int section, llmf_str name, llmf_str key, llmf_str value) {
    entry e;
    size_t i;
    memset(&e, 0, sizeof e);
    e.section = section;
    assert_true(name.len < sizeof e.name && key.len < sizeof e.key && value.len < sizeof e.value);
    memcpy(e.name, name.ptr, name.len);
    for (i = 0; i < key.len; i++) e.key[i] = llmfi_lower(key.ptr[i]);
    if (value.len) memcpy(e.value, value.ptr, value.len);
    for (i = 0; i < count; i++)
        if (entries[i].section == section && !strcmp(entries[i].name, e.name) && !strcmp(entries[i].key, e.key)) break;
    assert_true(i < LLMFI_COUNT(entries));
    entries[i] = e;
    if (i == count) count++;
}

static bool read_file(llmf_str text, bool config) {
    llmfi_profile_reader p;
    int got;
    llmfi_profile_begin(&p, &heap, text, config);
    while ((got = llmfi_profile_next(&p)) > 0) {
        llmf_str none = llmfi_str("", 0);
        set(p.section, p.name, got == LLMFI_PROFILE_PROPERTY ? p.key : none, got == LLMFI_PROFILE_PROPERTY ? p.value : none);
    }
    if (got < 0) snprintf(error_text, sizeof error_text, "%s", p.error ? p.error : "memory");
    llmfi_profile_free(&p);
    assert_int_equal(heap.used, 0);
    return got == LLMFI_PROFILE_END;
}

static const char *found(int section, llmf_str name, llmf_str key) {
    size_t i;
    for (i = 0; i < count; i++)
        if (entries[i].section == section && llmfi_eq(name, llmfi_cstr(entries[i].name)) && llmfi_eq(key, llmfi_cstr(entries[i].key))) return entries[i].value;
    return NULL;
}

/* Every profile and property of the suite's object is there, and no other: their number is returned. */
static size_t same(const llmfi_node *sections, int section, const char *test) {
    const llmfi_node *n, *k;
    size_t total = 0;
    for (n = sections ? sections->child : NULL; n; n = n->next) {
        if (!found(section, n->key, llmfi_str("", 0))) {
            print_error("%s: no %.*s\n", test, (int)n->key.len, n->key.ptr);
            fail();
        }
        total++;
        for (k = n->child; k; k = k->next, total++) {
            const char *value = found(section, n->key, k->key);
            if (!value || !llmfi_eq(llmfi_cstr(value), k->text)) {
                print_error("%s: %.*s.%.*s is %s\n", test, (int)n->key.len, n->key.ptr, (int)k->key.len, k->key.ptr, value ? value : "(none)");
                fail();
            }
        }
    }
    return total;
}

static void suite_case(const llmfi_node *n) {
    const llmfi_node *input = llmfi_member(n, LLMFI_LIT("input")), *output = llmfi_member(n, LLMFI_LIT("output")), *config, *credentials, *error;
    const char *name = llmfi_member(n, LLMFI_LIT("name"))->text.ptr;
    bool good;
    config = llmfi_member(input, LLMFI_LIT("configFile"));
    credentials = llmfi_member(input, LLMFI_LIT("credentialsFile"));
    error = llmfi_member(output, LLMFI_LIT("errorContaining"));
    output = llmfi_member(output, LLMFI_LIT("config"));
    count = 0;
    good = (!config || read_file(config->text, true)) && (!credentials || read_file(credentials->text, false));
    if (error) {
        if (good || !strstr(error_text, error->text.ptr)) {
            print_error("%s: expected the error %s, got %s\n", name, error->text.ptr, good ? "none" : error_text);
            fail();
        }
    } else {
        if (!good) print_error("%s: %s\n", name, error_text);
        assert_true(good);
        assert_int_equal(same(llmfi_member(output, LLMFI_LIT("profiles")), LLMFI_SECTION_PROFILE, name) +
                             same(llmfi_member(output, LLMFI_LIT("sso_sessions")), LLMFI_SECTION_SSO, name),
                         count);
    }
}

static void test_suite(void **state) {
    llmf_str text = corpus_read(corpus_path("corpora/aws-profile/profile-parser-tests.json"));
    llmfi_parse_error bad;
    const llmfi_node *all, *n;
    size_t tests = 0;
    (void)state;
    if (!text.ptr) skip();
    llmfi_heap_init(&own, block, sizeof block);
    llmfi_arena_init(&arena, &own, 0);
    llmfi_heap_init(&heap, scratch, sizeof scratch);
    all = llmfi_json_parse(&arena, text, &bad, false);
    assert_non_null(all);
    for (n = llmfi_member(all, LLMFI_LIT("tests"))->child; n; n = n->next, tests++) suite_case(n);
    free((char *)(uintptr_t)text.ptr);
    print_message("%zu tests\n", tests);
    assert_true(tests >= 65);
}

/* ---- our own ---- */

static void reads(const char *config, const char *credentials, const char *name, const char *key, const char *value) {
    const char *got;
    count = 0;
    llmfi_heap_init(&heap, scratch, sizeof scratch);
    if (!read_file(llmfi_cstr(config), true) || !read_file(llmfi_cstr(credentials), false)) {
        print_error("%s\n", error_text);
        fail();
    }
    got = found(LLMFI_SECTION_PROFILE, llmfi_cstr(name), llmfi_cstr(key));
    if (value) assert_non_null(got);
    if (value) assert_string_equal(got, value);
    else assert_null(got);
}

static void test_reads(void **state) {
    (void)state;
    reads("\xEF\xBB\xBF[default]\nregion=eu-west-1\n", "", "default", "region", "eu-west-1");
    reads("[default]\nregion = a\n  # a comment\nx = y", "", "default", "region", "a");
    reads("[default]\nx = #no comment", "", "default", "x", "");
    reads("[default]\nx = a#b ;c", "", "default", "x", "a#b");
    reads("[services a]\nx = 1\ns3 =\n  y = 2\n[profile b]\nz = 3", "", "b", "z", "3");
    reads("[profile a]\nx = 1\r\n y\r\n[profile b]", "", "a", "x", "1\ny");
    reads("", "[a]\naws_access_key_id = AKID\nAWS_SECRET_ACCESS_KEY = s/+=\n", "a", "aws_secret_access_key", "s/+=");
    reads("[profile a]\nx = 1", "[default]\nx = 2", "a", "x", "1");
    reads("[a]\nx = 1", "", "a", "x", NULL);
}

/* Where it is wrong. */
static void test_lines(void **state) {
    llmfi_profile_reader p;
    (void)state;
    llmfi_heap_init(&heap, scratch, sizeof scratch);
    llmfi_profile_begin(&p, &heap, LLMFI_LIT("# one\n\n[profile a]\nx = 1\n y\n\nno\n"), true);
    assert_int_equal(llmfi_profile_next(&p), LLMFI_PROFILE_SECTION);
    assert_int_equal(llmfi_profile_next(&p), LLMFI_PROFILE_PROPERTY);
    assert_int_equal(llmfi_profile_next(&p), LLMFI_PROFILE_ERROR);
    assert_int_equal(p.line, 7);
    llmfi_profile_free(&p);
}

static void test_memory(void **state) {
    llmfi_profile_reader p;
    uint64_t n;
    (void)state;
    for (n = 1; n <= 2; n++) {
        llmfi_heap_init(&heap, scratch, sizeof scratch);
        heap.fail_at = n;
        llmfi_profile_begin(&p, &heap, LLMFI_LIT("[default]\nx = 1\n a value that goes on and on over several lines, so that\n it does not fit into what was had first\n"), true);
        assert_int_equal(llmfi_profile_next(&p), LLMFI_PROFILE_SECTION);
        assert_int_equal(llmfi_profile_next(&p), LLMFI_PROFILE_ERROR);
        assert_null(p.error);
        llmfi_profile_free(&p);
        assert_int_equal(heap.used, 0);
    }
}

/* Files of fuzzers and bad configs: any end but a crash. */
static void any_file(const char *name, llmf_str text) {
    int config;
    (void)name;
    for (config = 0; config < 2; config++) {
        llmfi_profile_reader p;
        llmfi_heap_init(&heap, scratch, sizeof scratch);
        llmfi_profile_begin(&p, &heap, text, config != 0);
        while (llmfi_profile_next(&p) > 0) assert_true(p.name.len > 0);
        llmfi_profile_free(&p);
        assert_int_equal(heap.used, 0);
    }
}

static void test_any(void **state) {
    int files = corpus_each("corpora/aws-profile/aws-c-auth-fuzz-corpus/parse_config_profile", any_file) +
                corpus_each("corpora/aws-profile/aws-c-auth-fuzz-corpus/parse_credentials_profile", any_file) + corpus_each("corpora/aws-profile/botocore-cfg", any_file);
    (void)state;
    if (!files) skip();
    print_message("%d files\n", files);
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_suite), cmocka_unit_test(test_reads), cmocka_unit_test(test_lines), cmocka_unit_test(test_memory), cmocka_unit_test(test_any) };
    return cmocka_run_group_tests_name("aws_profile", tests, NULL, NULL);
}
