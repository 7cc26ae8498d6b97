#include "corpus.h"
#include "../../src/base/json_tree.h"
#include "../../src/wire/sigv4.h"

#define SUITE "corpora/aws-sigv4/suite/v4"
#define SUITE_AGAIN "specs/aws/signing-test-suite/v4"
#define SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

static char block[1 << 18], got[1 << 16];
static llmfi_heap heap;
static llmfi_arena arena;

static void begin(void) {
    llmfi_heap_init(&heap, block, sizeof block);
    llmfi_arena_init(&arena, &heap, 0);
}

/* What `write` writes is `expected`, in a window of every size too. */
static void writes(const llmfi_sigv4 *s, void (*write)(const llmfi_sigv4 *, llmfi_out *), llmf_str expected, const char *name) {
    llmfi_out o;
    llmfi_out_window(&o, got, sizeof got, 0);
    write(s, &o);
    if (!llmfi_eq(llmfi_str(got, o.len), expected)) {
        print_error("%s: expected\n%.*s\ngot\n%.*s\n", name, (int)expected.len, expected.ptr, (int)o.len, got);
        fail();
    }
    assert_int_equal(o.total, expected.len);
}

/* ---- the suite ---- */

static llmf_str file_of(const char *suite, const char *name, const char *file) {
    char path[256];
    llmf_str text, kept;
    snprintf(path, sizeof path, "%s/%s/%s", suite, name, file);
    text = corpus_read(corpus_path(path));
    if (!text.ptr) return text;
    kept = llmfi_arena_copy(&arena, text);
    free((char *)(uintptr_t)text.ptr);
    if (kept.len && kept.ptr[kept.len - 1] == '\n') kept.len--;
    return kept;
}

static llmf_str text_in(const llmfi_node *n, const char *name) {
    n = llmfi_member(n, llmfi_cstr(name));
    return n ? n->text : llmfi_str("", 0);
}

static bool true_in(const llmfi_node *n, const char *name) {
    n = llmfi_member(n, llmfi_cstr(name));
    return n && n->type == LLMFI_TRUE;
}

/* "2015-08-30T12:36:00Z" */
static int64_t wall_ms(llmf_str s) {
    int year, month, day, hour, minute, second;
    int64_t days;
    assert_int_equal(sscanf(s.ptr, "%d-%d-%dT%d:%d:%dZ", &year, &month, &day, &hour, &minute, &second), 6);
    days = 0;
    while (--year >= 1970) days += 365 + (year % 4 == 0);
    while (--month > 0) days += month == 2 ? 28 : month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31; /* dates of years that have no 29th here */
    return (((days + day - 1) * 24 + hour) * 60 + minute) * INT64_C(60000) + second * 1000;
}

typedef struct request {
    llmfi_sigv4 s;
    llmf_header headers[32];
    llmf_str body;
    char hash[LLMFI_SIGV4_HEX];
} request;

static void add(request *r, const char *name, llmf_str value) {
    r->headers[r->s.header_count].name = llmfi_cstr(name);
    r->headers[r->s.header_count++].value = value;
}

static llmf_str line_of(llmf_str *text) {
    size_t lf = llmfi_find_char(*text, '\n');
    llmf_str line = llmfi_str(text->ptr, lf == LLMFI_NOWHERE ? text->len : lf);
    *text = llmfi_from(*text, lf == LLMFI_NOWHERE ? text->len : lf + 1);
    return line;
}

/* METHOD target HTTP/1.1, header lines (those that begin with a blank go on with the one before), a blank line, the body. */
static void parse(request *r, llmf_str text) {
    llmf_str line = line_of(&text), target;
    size_t blank = llmfi_find_char(line, ' '), query;
    r->s.method = llmfi_str(line.ptr, blank);
    target = llmfi_from(line, blank + 1);
    target.len -= strlen(" HTTP/1.1");
    query = llmfi_find_char(target, '?');
    r->s.path = llmfi_str(target.ptr, query == LLMFI_NOWHERE ? target.len : query);
    r->s.query = llmfi_from(target, query == LLMFI_NOWHERE ? target.len : query + 1);
    while ((line = line_of(&text)).len) {
        llmf_header *h = &r->headers[r->s.header_count];
        size_t colon = llmfi_find_char(line, ':');
        if (line.ptr[0] == ' ') {
            h[-1].value = llmfi_range(h[-1].value.ptr, line.ptr + line.len);
            continue;
        }
        h->name = llmfi_str(line.ptr, colon);
        h->value = llmfi_from(line, colon + 1);
        r->s.header_count++;
    }
    r->body = text;
    r->s.headers = r->headers;
}

static void hash_body(request *r) {
    unsigned char digest[LLMFI_SHA256];
    llmfi_sha256 h;
    llmfi_sha256_init(&h);
    llmfi_sha256_add(&h, r->body.ptr, r->body.len);
    llmfi_sha256_end(&h, digest);
    llmfi_hex_lower(r->hash, digest, sizeof digest);
    r->s.payload = llmfi_str(r->hash, sizeof r->hash);
}

static void suite_case(const char *suite, const char *name) {
    llmf_str context = file_of(suite, name, "context.json"), signature = file_of(suite, name, "header-signature.txt");
    llmf_str request_text = file_of(suite, name, "request.txt");
    llmfi_parse_error bad;
    const llmfi_node *n = llmfi_json_parse(&arena, context, &bad, false), *keys = llmfi_member(n, LLMFI_LIT("credentials"));
    request r;
    char hex[LLMFI_SIGV4_HEX];
    llmfi_out o;
    assert_non_null(n);
    assert_non_null(keys);
    memset(&r, 0, sizeof r);
    parse(&r, request_text);
    hash_body(&r);
    r.s.region = text_in(n, "region");
    r.s.service = text_in(n, "service");
    r.s.as_is = !true_in(n, "normalize");
    r.s.keys.id = text_in(keys, "access_key_id");
    r.s.keys.secret = text_in(keys, "secret_access_key");
    r.s.keys.token = text_in(keys, "token");
    llmfi_sigv4_time(r.s.time, wall_ms(text_in(n, "timestamp")));
    add(&r, "X-Amz-Date", llmfi_cstr(r.s.time));
    if (r.s.keys.token.len && !true_in(n, "omit_session_token")) add(&r, "X-Amz-Security-Token", r.s.keys.token);
    if (true_in(n, "sign_body")) add(&r, "x-amz-content-sha256", r.s.payload);
    writes(&r.s, llmfi_sigv4_canonical, file_of(suite, name, "header-canonical-request.txt"), name);
    writes(&r.s, llmfi_sigv4_to_sign, file_of(suite, name, "header-string-to-sign.txt"), name);
    llmfi_sigv4_sign(&r.s, hex);
    assert_true(llmfi_eq(llmfi_str(hex, sizeof hex), signature));
    /* the signed request's own header is the last text of the four */
    llmfi_out_window(&o, got, sizeof got, 0);
    LLMFI_PUT(&o, "Authorization:");
    llmfi_sigv4_authorization(&r.s, &o);
    assert_true(llmfi_find_nocase(file_of(suite, name, "header-signed-request.txt"), llmfi_str(got, o.len)) != LLMFI_NOWHERE);
    llmfi_arena_free(&arena);
}

static int suite_run(const char *suite) {
    DIR *dir = opendir(corpus_path(suite));
    struct dirent *entry;
    int count = 0;
    if (!dir) return 0;
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.') continue;
        begin();
        suite_case(suite, entry->d_name);
        count++;
    }
    closedir(dir);
    return count;
}

static void test_suite(void **state) {
    int count = suite_run(SUITE);
    (void)state;
    if (!count) skip();
    print_message("%d cases\n", count);
    assert_true(count >= 38);
}

static void test_suite_again(void **state) {
    int count = suite_run(SUITE_AGAIN);
    (void)state;
    if (!count) skip();
    assert_true(count >= 38);
}

/* ---- our own ---- */

static void path_is(const char *path, bool once, bool as_is, const char *expected) {
    llmfi_sigv4 s;
    memset(&s, 0, sizeof s);
    s.path = llmfi_cstr(path);
    s.once = once;
    s.as_is = as_is;
    writes(&s, llmfi_sigv4_path, llmfi_cstr(expected), path);
}

static void test_paths(void **state) {
    (void)state;
    /* Bedrock: as sent, encoded once more */
    path_is("/model/anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse", false, false, "/model/anthropic.claude-sonnet-4-5-20250929-v1%253A0/converse");
    path_is("/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Aprompt-router%2Fx/converse-stream", false, false,
            "/model/arn%253Aaws%253Abedrock%253Aus-east-1%253A1%253Aprompt-router%252Fx/converse-stream");
    path_is("/model/a:b/converse", false, false, "/model/a%3Ab/converse");
    /* S3: encoded once, however it was sent */
    path_is("/a%20b/c:d/%e1%88%b4", true, true, "/a%20b/c%3Ad/%E1%88%B4");
    path_is("/100%", true, true, "/100%25");
    path_is("/a//../b/.", true, true, "/a//../b/.");
    path_is("", true, true, "/");
    /* RFC 3986, 5.2.4 */
    path_is("", false, false, "/");
    path_is("/", false, false, "/");
    path_is("/a/b/c/./../../g", false, false, "/a/g");
    path_is("/a/..", false, false, "/");
    path_is("/a/b/..", false, false, "/a/");
    path_is("/../a", false, false, "/a");
    path_is("/a/../../b/", false, false, "/b/");
    path_is("/./", false, false, "/");
    path_is("/a/.", false, false, "/a/");
    path_is("//a///b", false, false, "/a/b");
    path_is("/...", false, false, "/...");
}

static void query_is(const char *query, const char *expected) {
    llmfi_sigv4 s;
    memset(&s, 0, sizeof s);
    s.query = llmfi_cstr(query);
    writes(&s, llmfi_sigv4_query, llmfi_cstr(expected), query);
}

static void test_queries(void **state) {
    (void)state;
    query_is("", "");
    query_is("&&", "");
    query_is("b", "b=");
    query_is("a=1&a=1&a=0", "a=0&a=1&a=1");
    query_is("b=2&a=1&B=3", "B=3&a=1&b=2");
    query_is("a=b=c&=x", "=x&a=b%3Dc");
    query_is("list-type=2&prefix=a%2Fb&delimiter=/", "delimiter=%2F&list-type=2&prefix=a%2Fb");
    query_is("a=%zz&a=%4", "a=%254&a=%25zz");
    query_is("a=%41&a=B&%61=@", "a=%40&a=A&a=B");
    query_is("x+y=1", "x%2By=1");
    query_is("a-b=1&a=2", "a=2&a-b=1");
}

static void test_times(void **state) {
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {
        { 0, "19700101T000000Z" },
        { -5, "19700101T000000Z" },
        { INT64_C(86399999), "19700101T235959Z" },
        { INT64_C(951782400000), "20000229T000000Z" },
        { INT64_C(951868800000), "20000301T000000Z" },
        { INT64_C(1440938160000), "20150830T123600Z" },
        { INT64_C(1709164800000), "20240229T000000Z" },
        { INT64_C(1735689599999), "20241231T235959Z" },
        { INT64_C(4107542400000), "21000301T000000Z" },
        { INT64_C(253402300799000), "99991231T235959Z" },
        { INT64_MAX, "99991231T235959Z" },
    };
    size_t i;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(cases); i++) {
        char text[LLMFI_SIGV4_TIME + 1];
        llmfi_sigv4_time(text, cases[i].ms);
        assert_string_equal(text, cases[i].text);
    }
}

/* A whole request to Bedrock; the signature was computed with Python's hmac and hashlib. */
static void test_bedrock(void **state) {
    static const char expected[] =
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20250102/us-east-1/bedrock/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, Signature="
        "62bb831f832bae4354c3b46c1a8f64a0a46816dd73535f3d0be70c3a8ba65938";
    request r;
    llmfi_out o;
    (void)state;
    memset(&r, 0, sizeof r);
    r.s.method = LLMFI_LIT("POST");
    r.s.path = LLMFI_LIT("/model/anthropic.claude-3-7-sonnet-20250219-v1%3A0/converse");
    r.s.headers = r.headers;
    r.s.region = LLMFI_LIT("us-east-1");
    r.s.service = LLMFI_LIT("bedrock");
    r.s.keys.id = LLMFI_LIT("AKIDEXAMPLE");
    r.s.keys.secret = LLMFI_LIT(SECRET);
    llmfi_sigv4_time(r.s.time, INT64_C(1735787045000));
    add(&r, "Content-Type", LLMFI_LIT("application/json"));
    add(&r, "X-Amz-Date", llmfi_cstr(r.s.time));
    add(&r, "Host", LLMFI_LIT("bedrock-runtime.us-east-1.amazonaws.com"));
    add(&r, "X-Amz-Security-Token", LLMFI_LIT("session"));
    r.body = LLMFI_LIT("{\"messages\":[]}");
    hash_body(&r);
    llmfi_out_window(&o, got, sizeof got, 0);
    llmfi_sigv4_authorization(&r.s, &o);
    got[o.len] = '\0';
    assert_string_equal(got, expected);
}

/* The fixture of the OpenAI SDK for the same service by its other name; and a payload that is not signed. */
static void test_payloads(void **state) {
    static const char expected[] = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20250102/us-east-1/bedrock-mantle/aws4_request, SignedHeaders="
                                   "content-type;host;x-amz-content-sha256;x-amz-date;x-amz-security-token, Signature="
                                   "dc20c8fbe516daf0ccae7e5b7a78fc2936870413a9f1af6e1b2d44b970ce411f";
    request r;
    char one[LLMFI_SIGV4_HEX], other[LLMFI_SIGV4_HEX];
    llmfi_out o;
    (void)state;
    memset(&r, 0, sizeof r);
    r.s.method = LLMFI_LIT("POST");
    r.s.path = LLMFI_LIT("/openai/v1/responses");
    r.s.headers = r.headers;
    r.s.region = LLMFI_LIT("us-east-1");
    r.s.service = LLMFI_LIT("bedrock-mantle");
    r.s.keys.id = LLMFI_LIT("AKIDEXAMPLE");
    r.s.keys.secret = LLMFI_LIT(SECRET);
    llmfi_sigv4_time(r.s.time, INT64_C(1735787045000));
    r.body = LLMFI_LIT("{\"model\":\"gpt-4o\",\"input\":\"hello\"}");
    hash_body(&r);
    add(&r, "content-type", LLMFI_LIT("application/json"));
    add(&r, "host", LLMFI_LIT("bedrock-mantle.us-east-1.api.aws"));
    add(&r, "x-amz-content-sha256", r.s.payload);
    add(&r, "x-amz-date", llmfi_cstr(r.s.time));
    add(&r, "x-amz-security-token", LLMFI_LIT("fixture-session-token"));
    llmfi_out_window(&o, got, sizeof got, 0);
    llmfi_sigv4_authorization(&r.s, &o);
    got[o.len] = '\0';
    assert_string_equal(got, expected);
    llmfi_sigv4_sign(&r.s, one);
    r.s.payload = LLMFI_LIT(LLMFI_SIGV4_UNSIGNED);
    llmfi_sigv4_sign(&r.s, other);
    assert_memory_not_equal(one, other, sizeof one);
    llmfi_out_window(&o, got, sizeof got, 0);
    llmfi_sigv4_canonical(&r.s, &o);
    assert_true(llmfi_ends(llmfi_str(got, o.len), LLMFI_LIT("\nUNSIGNED-PAYLOAD")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_suite), cmocka_unit_test(test_suite_again), cmocka_unit_test(test_paths), cmocka_unit_test(test_queries),
        cmocka_unit_test(test_times), cmocka_unit_test(test_bedrock), cmocka_unit_test(test_payloads),
    };
    return cmocka_run_group_tests_name("sigv4", tests, NULL, NULL);
}
