/* Where AWS keys come from: each source, their order, and the steps of asking, without a network; the scenarios of the AWS SDKs. */
#if !defined(_DEFAULT_SOURCE)
#define _DEFAULT_SOURCE 1                    /* mkdtemp */
#endif
#include "corpus.h"
#include "../../src/base/json_tree.h"
#include "../../src/factory/config.h"
#include "../os.h"

static char block[1 << 20], own_block[1 << 21];
static llmfi_heap heap, own;
static llmfi_arena arena;
static llmfi_env env;
static llmf_desc desc;
static llmfi_record record;
static llmfi_provider provider;
static llmfi_aws aws;
static llmfi_aws_keys keys;
static llmf_error err;
static int64_t now_ms;

/* Variables of the test: name, value, …, NULL. */
static const char *variables[64];
static size_t variable_count;

static const char *test_getenv(void *user, const char *name) {
    size_t i;
    (void)user;
    for (i = 0; i < variable_count; i += 2)
        if (strcmp(variables[i], name) == 0) return variables[i + 1];
    return NULL;
}

static void set_variable(const char *name, const char *value) {
    assert_true(variable_count + 2 <= LLMFI_COUNT(variables));
    variables[variable_count++] = name;
    variables[variable_count++] = value;
}

static void begin(void) {
    variable_count = 0;
    memset(&desc, 0, sizeof desc);
    memset(&env, 0, sizeof env);
    memset(&record, 0, sizeof record);
    memset(&provider, 0, sizeof provider);
    desc.getenv_fn = test_getenv;
    env.desc = &desc;
    record.provider = &provider;
    llmfi_heap_init(&heap, block, sizeof block);
    llmfi_heap_init(&own, own_block, sizeof own_block);
    llmfi_arena_init(&arena, &own, 0);
    llmfi_aws_init(&aws, &heap);
    now_ms = INT64_C(1760000000000);
}

static int find(void) {
    memset(&keys, 0, sizeof keys);
    return llmfi_aws_find(&aws, &record, &env, now_ms, &keys, &err);
}

static void over(void) {
    llmfi_aws_free(&aws);
    assert_int_equal(heap.used, 0);
}

static void same(llmf_str got, const char *expected) {
    if (llmfi_eq(got, llmfi_cstr(expected))) return;
    print_error("expected %s, got %.*s\n", expected, (int)got.len, got.ptr);
    fail();
}

/* The request of the step: "METHOD URL name=value …". */
static void asks(const char *expected) {
    llmfi_aws_request q;
    char text[1024];
    size_t i, n;
    assert_true(llmfi_aws_request_of(&aws, now_ms, &q));
    n = (size_t)snprintf(text, sizeof text, "%.*s %.*s", (int)q.method.len, q.method.ptr, (int)q.url.len, q.url.ptr);
    for (i = 0; i < q.header_count; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, " %.*s=%.*s", (int)q.headers[i].name.len, q.headers[i].name.ptr, (int)q.headers[i].value.len, q.headers[i].value.ptr);
    assert_string_equal(text, expected);
}

static int answer(int status, const char *body) {
    return llmfi_aws_answer(&aws, status, llmfi_cstr(body), now_ms);
}

static void why_has(const char *part) {
    assert_non_null(aws.why);
    if (strstr(aws.why, part)) return;
    print_error("%s is not in %s\n", part, aws.why);
    fail();
}

/* ---- files ---- */

#if defined(_WIN32)
#define PLATFORM "windows"
#else
#define PLATFORM "linux"
#endif

static char home[] = "/tmp/llmf_aws_XXXXXX";

static void write_file(const char *name, const char *text) {
    char path[256];
    FILE *f;
    snprintf(path, sizeof path, "%s/%s", home, name);
    f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static int make_home(void **state) {
    char path[256];
    (void)state;
    if (!mkdtemp(home)) return -1;
    snprintf(path, sizeof path, "%s/.aws", home);
    return mkdir(path, 0700);
}

static int remove_home(void **state) {
    static const char *const names[] = { ".aws/config", ".aws/credentials", "token", ".aws", "" };
    char path[256];
    size_t i;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(names); i++) {
        snprintf(path, sizeof path, "%s/%s", home, names[i]);
        if (remove(path)) rmdir(path);
    }
    return 0;
}

static void test_order(void **state) {
    (void)state;
    write_file(".aws/config", "[default]\naws_access_key_id = D\naws_secret_access_key = ds\n[profile work]\nregion = x\n[profile half]\naws_access_key_id = H\n"
                              "[profile role]\nrole_arn = arn\nsource_profile = default\n[profile process]\ncredential_process = x\n"
                              "[profile both]\ncredential_process = x\naws_access_key_id = B\naws_secret_access_key = bs\n");
    write_file(".aws/credentials", "[work]\naws_access_key_id = W\naws_secret_access_key = ws\naws_session_token = wt\n");
    begin();
    set_variable("HOME", home);
    assert_int_equal(find(), LLMFI_AWS_READY); /* the default profile */
    same(keys.id, "D");
    assert_int_equal(keys.token.len, 0);
    set_variable("AWS_PROFILE", "work");
    assert_int_equal(find(), LLMFI_AWS_READY);
    same(keys.id, "W");
    same(keys.secret, "ws");
    same(keys.token, "wt");
    set_variable("AWS_ACCESS_KEY_ID", "E");
    set_variable("AWS_SECRET_ACCESS_KEY", "es");
    assert_int_equal(find(), LLMFI_AWS_READY); /* variables before profiles */
    same(keys.id, "E");
    provider.aws.profile = LLMFI_LIT("work"); /* but not before one that the config names */
    assert_int_equal(find(), LLMFI_AWS_READY);
    same(keys.id, "W");
    record.aws.profile = LLMFI_LIT("both");
    assert_int_equal(find(), LLMFI_AWS_READY);
    same(keys.id, "B");
    provider.aws.id = LLMFI_LIT("P");
    provider.aws.secret = LLMFI_LIT("ps");
    assert_int_equal(find(), LLMFI_AWS_READY);
    same(keys.id, "P");
    record.aws.id = LLMFI_LIT("M");
    record.aws.secret = LLMFI_LIT("ms");
    assert_int_equal(find(), LLMFI_AWS_READY);
    same(keys.id, "M");
    over();
}

static void profile_fails(const char *name, const char *part) {
    begin();
    set_variable("HOME", home);
    record.aws.profile = llmfi_cstr(name);
    assert_int_equal(find(), LLMFI_AWS_NONE);
    assert_int_equal(err.code, LLMF_ERR_AUTH);
    assert_non_null(strstr(err.text, name));
    if (!strstr(err.text, part)) print_error("%s\n", err.text);
    assert_non_null(strstr(err.text, part));
    over();
}

static void test_profiles(void **state) {
    (void)state;
    profile_fails("half", "no whole pair");
    profile_fails("role", "role_arn");
    profile_fails("process", "credential_process");
    profile_fails("nobody", "look at its name");
    begin(); /* one that AWS_PROFILE names too: its keys are meant, and no others */
    set_variable("HOME", home);
    set_variable("AWS_PROFILE", "role");
    set_variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/x");
    assert_int_equal(find(), LLMFI_AWS_NONE);
    over();
    write_file(".aws/credentials", "[work]\naws_access_key_id\n");
    begin();
    set_variable("HOME", home);
    set_variable("AWS_PROFILE", "work");
    assert_int_equal(find(), LLMFI_AWS_NONE);
    assert_int_equal(err.code, LLMF_ERR_CONFIG);
    assert_int_equal(err.line, 2);
    assert_non_null(strstr(err.text, "credentials:2:1: error: Expected an '=' sign"));
    over();
}

/* A profile's keys are read again after a minute, not before. */
static void test_profile_again(void **state) {
    char path[256];
    (void)state;
    snprintf(path, sizeof path, "%s.creds", home);
    begin();
    set_variable("AWS_SHARED_CREDENTIALS_FILE", path);
    set_variable("AWS_EC2_METADATA_DISABLED", "true");
    {
        FILE *f = fopen(path, "w");
        assert_non_null(f);
        fputs("[default]\naws_access_key_id = A\naws_secret_access_key = a\n", f);
        fclose(f);
    }
    assert_int_equal(find(), LLMFI_AWS_READY);
    same(keys.id, "A");
    remove(path);
    now_ms += LLMFI_AWS_PROFILE_MS - 1;
    assert_int_equal(find(), LLMFI_AWS_READY);
    same(keys.id, "A");
    now_ms += 1;
    assert_int_equal(find(), LLMFI_AWS_NONE);
    why_has("AWS_EC2_METADATA_DISABLED");
    over();
}

/* ---- asking ---- */

#define KEYS(id, expires) "{\"Code\" : \"Success\", \"AccessKeyId\" : \"" id "\", \"SecretAccessKey\":\"s\\/1\",\"Token\":\"t\",\"Expiration\" : \"" expires "\"}"
#define IMDS "http://169.254.169.254/latest/meta-data/iam/security-credentials/"

static void test_container(void **state) {
    (void)state;
    begin();
    set_variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/1?a=b");
    assert_int_equal(find(), LLMFI_AWS_ASK);
    asks("GET http://169.254.170.2/v2/credentials/1?a=b Accept=application/json");
    assert_int_equal(find(), LLMFI_AWS_ASK); /* a second call waits for the same */
    assert_int_equal(answer(503, ""), LLMFI_AWS_ASK);
    asks("GET http://169.254.170.2/v2/credentials/1?a=b Accept=application/json");
    assert_int_equal(answer(200, KEYS("AKID", "2026-01-01T00:00:00Z")), LLMFI_AWS_READY);
    assert_int_equal(find(), LLMFI_AWS_READY);
    same(keys.id, "AKID");
    same(keys.secret, "s/1");
    same(keys.token, "t");
    assert_int_equal(aws.fetched.expires_ms, INT64_C(1767225600000));
    now_ms = INT64_C(1767225600000) - LLMFI_AWS_EARLY_MS - 1;
    assert_int_equal(find(), LLMFI_AWS_READY);
    now_ms += 1; /* renewed before they end */
    assert_int_equal(find(), LLMFI_AWS_ASK);
    assert_int_equal(answer(0, ""), LLMFI_AWS_NONE);
    why_has("does not answer");
    assert_int_equal(find(), LLMFI_AWS_READY); /* which failed: the old ones are good still */
    now_ms += LLMFI_AWS_FAILED_MS;
    assert_int_equal(find(), LLMFI_AWS_ASK);
    assert_int_equal(answer(200, KEYS("NEXT", "2027-01-01T00:00:00Z")), LLMFI_AWS_READY);
    assert_int_equal(find(), LLMFI_AWS_READY);
    same(keys.id, "NEXT");
    over();
}

static void test_container_token(void **state) {
    char path[256];
    (void)state;
    begin();
    set_variable("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:99/x");
    set_variable("AWS_CONTAINER_AUTHORIZATION_TOKEN", "Basic abc");
    assert_int_equal(find(), LLMFI_AWS_ASK);
    asks("GET http://127.0.0.1:99/x Accept=application/json Authorization=Basic abc");
    over();
    snprintf(path, sizeof path, "%s.token", home);
    begin();
    set_variable("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/credentials");
    set_variable("AWS_CONTAINER_AUTHORIZATION_TOKEN", "not this");
    set_variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", path);
    assert_int_equal(find(), LLMFI_AWS_NONE);
    why_has("TOKEN_FILE");
    assert_int_equal(find(), LLMFI_AWS_NONE); /* remembered for a while */
    {
        FILE *f = fopen(path, "w");
        assert_non_null(f);
        fputs("from the file\n", f);
        fclose(f);
    }
    now_ms += LLMFI_AWS_FAILED_MS;
    assert_int_equal(find(), LLMFI_AWS_ASK);
    asks("GET http://169.254.170.23/v1/credentials Accept=application/json Authorization=from the file");
    remove(path);
    over();
    begin();
    set_variable("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://localhost/");
    set_variable("AWS_CONTAINER_AUTHORIZATION_TOKEN", "a\r\nb: c");
    assert_int_equal(find(), LLMFI_AWS_NONE);
    why_has("line break");
    over();
}

static void test_hosts(void **state) {
    static const struct {
        const char *uri;
        bool good;
    } cases[] = {
        { "https://h/x", true },          { "http://h/x", false },        { "http://localhost:1/x", true }, { "http://127.9.9.9/x", true }, { "http://127.0.0.1.evil/x", false },
        { "http://127.evil/x", false },   { "http://[::1]/x", true },     { "http://[fd00:ec2::23]/", true }, { "http://[fd00:ec2::24]/", false }, { "http://169.254.170.2/x", true },
        { "http://169.254.170.23", true }, { "http://169.254.169.254/", false }, { "/x", false },           { "ftp://localhost/", false },  { "http://a@localhost/", false },
    };
    size_t i;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(cases); i++)
        if (llmfi_aws_may_ask(llmfi_cstr(cases[i].uri)) != cases[i].good) {
            print_error("%s\n", cases[i].uri);
            fail();
        }
}

static void test_imds(void **state) {
    (void)state;
    begin();
    assert_int_equal(find(), LLMFI_AWS_ASK);
    asks("PUT http://169.254.169.254/latest/api/token x-aws-ec2-metadata-token-ttl-seconds=21600");
    assert_int_equal(answer(200, "tok==\n"), LLMFI_AWS_ASK);
    asks("GET " IMDS " x-aws-ec2-metadata-token=tok==");
    assert_int_equal(answer(200, "my role+1\nanother"), LLMFI_AWS_ASK);
    asks("GET " IMDS "my%20role%2B1 x-aws-ec2-metadata-token=tok==");
    assert_int_equal(answer(401, ""), LLMFI_AWS_ASK); /* the token has ended: a new one */
    asks("PUT http://169.254.169.254/latest/api/token x-aws-ec2-metadata-token-ttl-seconds=21600");
    assert_int_equal(answer(200, "new"), LLMFI_AWS_ASK);
    assert_int_equal(answer(200, "role"), LLMFI_AWS_ASK);
    asks("GET " IMDS "role x-aws-ec2-metadata-token=new");
    assert_int_equal(answer(200, KEYS("IMDS", "2009-02-13T23:31:30Z")), LLMFI_AWS_READY); /* long gone by: used all the same, for a while */
    assert_int_equal(find(), LLMFI_AWS_READY);
    same(keys.id, "IMDS");
    now_ms += LLMFI_AWS_ANYWAY_MS;
    assert_int_equal(find(), LLMFI_AWS_ASK);
    over();
}

static void imds_fails(int status, const char *body, int steps, const char *part) {
    begin();
    assert_int_equal(find(), LLMFI_AWS_ASK);
    while (steps--) assert_int_equal(answer(200, "x"), LLMFI_AWS_ASK);
    assert_int_equal(answer(status, body), LLMFI_AWS_NONE);
    why_has(part);
    assert_int_equal(find(), LLMFI_AWS_NONE);
    assert_int_equal(err.code, LLMF_OK);
    now_ms += LLMFI_AWS_FAILED_MS;
    assert_int_equal(find(), LLMFI_AWS_ASK); /* and then tried anew */
    over();
}

static void test_imds_fails(void **state) {
    int i, got = LLMFI_AWS_ASK;
    (void)state;
    imds_fails(0, "", 0, "no metadata service");
    imds_fails(403, "", 0, "switched off");
    imds_fails(404, "", 0, "refused");
    imds_fails(401, "", 0, "refused");
    imds_fails(200, " \n", 0, "is empty");
    imds_fails(200, "a\x01", 0, "no such text");
    imds_fails(404, "", 1, "no IAM role");
    imds_fails(404, "", 2, "refused");
    imds_fails(200, "", 2, "holds no keys");
    imds_fails(200, "{\"Code\":\"Failed\",\"AccessKeyId\":\"a\",\"SecretAccessKey\":\"b\"}", 2, "holds no keys");
    imds_fails(200, "{\"AccessKeyId\":\"a\"}", 2, "holds no keys");
    imds_fails(200, "{\"AccessKeyId\":\"a\",\"SecretAccessKey\":\"b\"", 2, "holds no keys");
    begin(); /* it does not go on for ever */
    assert_int_equal(find(), LLMFI_AWS_ASK);
    for (i = 0; i < 100 && got == LLMFI_AWS_ASK; i++) got = answer(aws.step == LLMFI_STEP_KEYS ? 401 : 200, "x");
    assert_int_equal(got, LLMFI_AWS_NONE);
    over();
    begin();
    set_variable("AWS_EC2_METADATA_DISABLED", "TRUE");
    assert_int_equal(find(), LLMFI_AWS_NONE);
    over();
    begin();
    desc.no_env = true;
    assert_int_equal(find(), LLMFI_AWS_NONE);
    over();
    begin();
    set_variable("AWS_WEB_IDENTITY_TOKEN_FILE", "/token");
    assert_int_equal(find(), LLMFI_AWS_NONE);
    assert_int_equal(err.code, LLMF_ERR_AUTH);
    over();
}

static void test_moments(void **state) {
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        { "1970-01-01T00:00:00Z", 0 },
        { "2009-02-13T23:31:30Z", INT64_C(1234567890000) },
        { "2024-02-29T12:00:00.123Z", INT64_C(1709208000000) },
        { "2024-12-31T23:59:59Z", INT64_C(1735689599000) },
        { "2100-03-01T00:00:00Z", INT64_C(4107542400000) },
        { "2000-03-01t00:00:00z", INT64_C(951868800000) },
        { "9999-12-31T23:59:59Z", INT64_C(253402300799000) },
        { "2024-02-29T12:00:00+01:00", 0 },
        { "2024-13-01T00:00:00Z", 0 },
        { "2024-02-29 12:00:00Z", 0 },
        { "2024-02-29T12:00:0Z", 0 },
        { "", 0 },
        { "1969-12-31T23:59:59Z", 0 },
    };
    size_t i;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(cases); i++)
        if (llmfi_aws_moment(llmfi_cstr(cases[i].text)) != cases[i].ms) {
            print_error("%s: %lld\n", cases[i].text, (long long)llmfi_aws_moment(llmfi_cstr(cases[i].text)));
            fail();
        }
}

/* The nth piece of memory refused: no keys, or all of them; and everything goes back. */
static void test_memory(void **state) {
    uint64_t n;
    bool refused = true;
    (void)state;
    for (n = 1; refused; n++) {
        int got;
        begin();
        heap.fail_at = n;
        got = find();
        if (got == LLMFI_AWS_ASK) {
            llmfi_aws_request q;
            bool asked = llmfi_aws_request_of(&aws, now_ms, &q);
            if (asked && answer(200, "token") == LLMFI_AWS_ASK && llmfi_aws_request_of(&aws, now_ms, &q) && answer(200, "role") == LLMFI_AWS_ASK &&
                llmfi_aws_request_of(&aws, now_ms, &q) && answer(200, KEYS("AKID", "2026-01-01T00:00:00Z")) == LLMFI_AWS_READY) {
                assert_int_equal(find(), LLMFI_AWS_READY);
                same(keys.id, "AKID");
            }
        }
        refused = heap.requests >= n;
        over();
    }
    assert_true(n > 8);
}

/* ---- the SDKs' suites ---- */

static const llmfi_node *json_file(const char *path) {
    llmf_str text = corpus_read(corpus_path(path)), kept;
    llmfi_parse_error bad;
    const llmfi_node *n;
    if (!text.ptr) return NULL;
    kept = llmfi_arena_copy(&arena, text);
    free((char *)(uintptr_t)text.ptr);
    n = llmfi_json_parse(&arena, kept, &bad, false);
    assert_non_null(n);
    return n;
}

static const llmfi_node *get(const llmfi_node *n, const char *name) {
    return llmfi_member(n, llmfi_cstr(name));
}

/* The scenario's own variables; paths lead into its folder. */
static void scenario_variables(const llmfi_node *n, const char *folder) {
    for (n = n ? n->child : NULL; n; n = n->next) {
        const char *value = n->text.ptr;
        bool path = strcmp(n->key.ptr, "HOME") == 0 || strstr(n->key.ptr, "_FILE");
        if (path) {
            char text[4096];
            snprintf(text, sizeof text, "%s/fs%s", corpus_path(folder), value);
            value = llmfi_arena_copy(&arena, llmfi_cstr(text)).ptr;
        }
        set_variable(n->key.ptr, value);
    }
}

/* Plays the recorded answers to what is asked, which must be what was asked then. */
static int scenario_play(const llmfi_node *events, const char *name) {
    int got = find();
    const llmfi_node *e = events ? events->child : NULL;
    while (got == LLMFI_AWS_ASK) {
        llmfi_aws_request q;
        const llmfi_node *request = NULL, *response = NULL, *n;
        llmf_str body = llmfi_str("", 0);
        int64_t status = 0;
        size_t i;
        assert_true(llmfi_aws_request_of(&aws, now_ms, &q));
        for (; e && !request; e = e->next) request = get(get(get(e, "action"), "Request"), "request");
        if (!request) {
            print_error("%s: nothing more was asked then, but %.*s is now\n", name, (int)q.url.len, q.url.ptr);
            fail();
        }
        assert_true(llmfi_eq(q.url, get(request, "uri")->text));
        assert_true(llmfi_eq(q.method, get(request, "method")->text));
        for (i = 0; i < q.header_count; i++)
            for (n = get(request, "headers")->child; n; n = n->next)
                if (llmfi_eq_nocase(n->key, q.headers[i].name) && !LLMFI_NAMED(n->key, "accept")) assert_true(llmfi_eq(n->child->text, q.headers[i].value));
        for (; e && !get(get(e, "action"), "Request"); e = e->next) {
            n = get(get(get(get(e, "action"), "Response"), "response"), "Ok");
            if (n) response = n;
            n = get(get(get(get(e, "action"), "Data"), "data"), "Utf8");
            if (n) body = n->text;
        }
        if (response) assert_true(llmfi_parse_int(get(response, "status")->text, &status));
        got = llmfi_aws_answer(&aws, (int)status, body, now_ms);
        if (got == LLMFI_AWS_READY) got = find();
    }
    return got;
}

static size_t given, none;

static void scenario(const char *folder, bool profile) {
    /* what this version does not do: those of these names end without keys */
    static const char *const not_ours[] = { "assume_role", "sso", "web_identity", "credential_process", "e2e_", "region_override", "retry_on_error" };
    char path[1024];
    const llmfi_node *test, *ok, *traffic;
    bool ours = true;
    size_t i;
    int got;
    begin();
    snprintf(path, sizeof path, "%s/test-case.json", folder);
    test = json_file(path);
    if (!test) return;
    ok = get(get(test, "result"), "Ok");
    snprintf(path, sizeof path, "%s/http-traffic.json", folder);
    traffic = json_file(path);
    snprintf(path, sizeof path, "%s/env.json", folder);
    scenario_variables(json_file(path), folder);
    if (profile) record.aws.profile = llmfi_aws_profile_name(&env); /* the suite knows nothing else */
    for (i = 0; i < LLMFI_COUNT(not_ours); i++)
        if (strstr(folder, not_ours[i])) ours = false;
    got = ours ? scenario_play(get(traffic, "events"), folder) : find();
    if (got == LLMFI_AWS_READY) {
        assert_non_null(ok); /* never keys where there are none, and never wrong ones */
        assert_true(llmfi_eq(keys.id, get(ok, "access_key_id")->text) && llmfi_eq(keys.secret, get(ok, "secret_access_key")->text));
        same(keys.token, get(ok, "session_token") ? get(ok, "session_token")->text.ptr : "");
        given++;
    } else {
        if (ok && ours) print_error("%s: %s %s\n", folder, err.text, aws.why ? aws.why : "");
        assert_false(ok && ours);
        none++;
    }
    over();
}

static void scenarios(const char *folder, bool profile) {
    char names[64][256];
    size_t count = 0, i;
    DIR *dir = opendir(corpus_path(folder));
    struct dirent *entry;
    given = none = 0;
    if (!dir) skip();
    while ((entry = readdir(dir)) != NULL)
        if (entry->d_name[0] != '.') snprintf(names[count++], sizeof names[0], "%s/%.120s", folder, entry->d_name);
    closedir(dir);
    for (i = 0; i < count; i++) scenario(names[i], profile);
    print_message("%s: %zu give their keys, %zu none\n", folder, given, none);
}

static void test_chain(void **state) {
    (void)state;
    scenarios("corpora/aws-profile/default-credential-provider-chain", false);
    assert_true(given >= 12 && given + none >= 29);
}

static void test_profile_provider(void **state) {
    (void)state;
    scenarios("corpora/aws-profile/profile-provider", true);
    assert_true(given + none >= 18);
}

/* Which URL a container is asked at. */
static void test_ecs(void **state) {
    const llmfi_node *all, *n;
    size_t count = 0;
    (void)state;
    begin();
    all = json_file("specs/aws/credential-tests/ecs-tests.json");
    if (!all) skip();
    for (n = get(all, "tests")->child; n; n = n->next, count++) {
        const llmfi_node *ok = get(get(n, "result"), "Ok");
        int got;
        llmfi_aws_request q;
        variable_count = 0;
        llmfi_aws_free(&aws);
        llmfi_aws_init(&aws, &heap);
        scenario_variables(get(n, "env"), "");
        set_variable("AWS_EC2_METADATA_DISABLED", "true");
        got = find();
        assert_int_equal(got, ok ? LLMFI_AWS_ASK : LLMFI_AWS_NONE);
        if (!ok) continue;
        assert_true(llmfi_aws_request_of(&aws, now_ms, &q));
        assert_true(llmfi_eq(q.url, ok->text));
    }
    print_message("%zu tests\n", count);
    assert_true(count >= 11);
    over();
}

/* And an instance. Two cases are of an SDK's own options, which are none of ours. */
static void test_imds_endpoints(void **state) {
    const llmfi_node *all, *n;
    size_t count = 0;
    char path[64];
    (void)state;
    begin();
    all = json_file("specs/aws/credential-tests/imds-config/imds-endpoint-tests.json");
    if (!all) skip();
    snprintf(path, sizeof path, "%s.imds", home);
    for (n = get(all, "tests")->child; n; n = n->next) {
        const llmfi_node *ok = get(get(n, "result"), "Ok"), *file = get(get(n, "fs"), "config");
        llmfi_aws_request q;
        if (get(n, "endpoint_override") || get(n, "mode_override")) continue;
        variable_count = 0;
        llmfi_aws_free(&aws);
        llmfi_aws_init(&aws, &heap);
        if (file) {
            FILE *f = fopen(path, "w");
            assert_non_null(f);
            fputs(file->text.ptr, f);
            fclose(f);
            set_variable("AWS_CONFIG_FILE", path);
        }
        scenario_variables(get(n, "env"), "");
        assert_int_equal(find(), ok ? LLMFI_AWS_ASK : LLMFI_AWS_NONE);
        count++;
        if (!ok) continue;
        assert_true(llmfi_aws_request_of(&aws, now_ms, &q));
        assert_true(llmfi_eq(q.url, ok->text));
    }
    remove(path);
    print_message("%zu tests\n", count);
    assert_true(count >= 11);
    over();
}

/* Where the files are, on this kind of system. */
static void test_locations(void **state) {
    const llmfi_node *all, *n;
    size_t count = 0;
    llmfi_buf path;
    (void)state;
    begin();
    all = json_file("specs/aws/profile-tests/file-location-tests.json");
    if (!all) skip();
    llmfi_buf_init(&path, &heap, 0);
    for (n = get(all, "tests")->child; n; n = n->next) {
        const llmfi_node *v;
        if (!llmfi_eq(get(n, "platform")->text, llmfi_cstr(PLATFORM))) continue;
        variable_count = 0;
        for (v = get(n, "environment")->child; v; v = v->next) set_variable(v->key.ptr, v->text.ptr);
        assert_true(llmfi_eq(llmfi_aws_path(&env, "AWS_CONFIG_FILE", "config", &path), get(n, "configLocation")->text));
        assert_true(llmfi_eq(llmfi_aws_path(&env, "AWS_SHARED_CREDENTIALS_FILE", "credentials", &path), get(n, "credentialsLocation")->text));
        if (get(n, "profile")) assert_true(llmfi_eq(llmfi_aws_profile_name(&env), get(n, "profile")->text));
        count++;
    }
    llmfi_buf_free(&path);
    print_message("%zu tests\n", count);
    assert_true(count >= 4);
    over();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order), cmocka_unit_test(test_profiles), cmocka_unit_test(test_profile_again), cmocka_unit_test(test_container),
        cmocka_unit_test(test_container_token), cmocka_unit_test(test_hosts), cmocka_unit_test(test_imds), cmocka_unit_test(test_imds_fails),
        cmocka_unit_test(test_moments), cmocka_unit_test(test_memory), cmocka_unit_test(test_chain), cmocka_unit_test(test_profile_provider),
        cmocka_unit_test(test_ecs), cmocka_unit_test(test_imds_endpoints), cmocka_unit_test(test_locations),
    };
    return cmocka_run_group_tests_name("aws", tests, make_home, remove_home);
}
