/* S3, SSM and Secrets Manager without a network: where they are, what is asked, how it is signed, what their replies mean; the endpoints and recordings of others. */
#if !defined(_DEFAULT_SOURCE)
#define _DEFAULT_SOURCE 1                    /* mkdtemp */
#endif
#include "corpus.h"
#include "../../src/base/json_tree.h"
#include "../../src/factory/config.h"
#include "../../src/factory/aws_services.h"
#include "../os.h"

static char block[1 << 20], own_block[1 << 22], got[1 << 16];
static llmfi_heap heap, own;
static llmfi_arena arena, tree;
static llmfi_env env;
static llmf_desc desc;
static llmf_error err;
static llmfi_service_request request;
static llmfi_service_place place;
static const char *variables[32];
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
    memset(&place, 0, sizeof place);
    desc.getenv_fn = test_getenv;
    env.desc = &desc;
    llmfi_heap_init(&heap, block, sizeof block);
    llmfi_heap_init(&own, own_block, sizeof own_block);
    llmfi_arena_init(&arena, &heap, 0);
    llmfi_arena_init(&tree, &own, 0);
    llmfi_service_request_init(&request, &heap);
}

static void over(void) {
    llmfi_service_request_free(&request);
    llmfi_arena_free(&arena);
    llmfi_arena_free(&tree);
    assert_int_equal(heap.used, 0);
}

static void same(llmf_str text, const char *expected) {
    if (llmfi_eq(text, llmfi_cstr(expected))) return;
    print_error("expected %s, got %.*s\n", expected, (int)text.len, text.ptr);
    fail();
}

static void has(const char *text, const char *part) {
    if (strstr(text, part)) return;
    print_error("%s is not in: %s\n", part, text);
    fail();
}

static void hasnt(const char *text, const char *part) {
    if (!strstr(text, part)) return;
    print_error("%s is in: %s\n", part, text);
    fail();
}

/* ---- where ---- */

static bool locate(int op, const char *name) {
    return llmfi_service_locate(&place, op, llmfi_cstr(name), LLMFI_LIT("the source"), &env, &arena, &err);
}

static void test_regions(void **state) {
    (void)state;
    begin();
    assert_false(locate(LLMFI_SERVICE_SSM_GET, "/a"));
    assert_int_equal(err.code, LLMF_ERR_CONFIG);
    has(err.text, "the source: no AWS region is known");
    set_variable("AWS_DEFAULT_REGION", "ap-southeast-2");
    assert_true(locate(LLMFI_SERVICE_SSM_GET, "/a"));
    same(place.region, "ap-southeast-2");
    place.region.len = 0;
    set_variable("AWS_REGION", "eu-west-1");
    assert_true(locate(LLMFI_SERVICE_SSM_GET, "/a"));
    same(place.region, "eu-west-1");
    place.region = LLMFI_LIT("us-gov-west-1");
    assert_true(locate(LLMFI_SERVICE_SSM_GET, "/a"));
    same(place.region, "us-gov-west-1");
    assert_true(locate(LLMFI_SERVICE_SECRET_GET, "arn:aws-cn:secretsmanager:cn-north-1:123456789012:secret:x-AbCdEf")); /* nowhere else is it */
    same(place.region, "cn-north-1");
    assert_true(llmfi_secret_get(&request, &place, LLMFI_LIT("x"), llmfi_str("", 0), &err));
    same(llmfi_buf_str(&request.url), "https://secretsmanager.cn-north-1.amazonaws.com.cn/");
    place.region = LLMFI_LIT("evil.example/");
    assert_false(locate(LLMFI_SERVICE_SSM_GET, "/a"));
    has(err.text, "no name such as us-east-1");
    place.region.len = 0;
    assert_false(locate(LLMFI_SERVICE_SSM_GET, "arn:aws:ssm:evil.example#:1:parameter/a"));
    assert_true(llmfi_service_region_ok(LLMFI_LIT("us-east-1")));
    assert_false(llmfi_service_region_ok(LLMFI_LIT("-us")));
    assert_false(llmfi_service_region_ok(LLMFI_LIT("us-")));
    assert_false(llmfi_service_region_ok(LLMFI_LIT("US-EAST-1")));
    assert_int_equal(llmfi_arn_region(LLMFI_LIT("arn:aws:ssm")).len, 0);
    assert_int_equal(llmfi_arn_region(LLMFI_LIT("arn:aws:ssm:x")).len, 0);
    over();
}

static char home[] = "/tmp/llmf_services_XXXXXX", config_path[64];

static int make_home(void **state) {
    (void)state;
    if (!mkdtemp(home)) return -1;
    snprintf(config_path, sizeof config_path, "%s/config", home);
    return 0;
}

static int remove_home(void **state) {
    (void)state;
    remove(config_path);
    return rmdir(home);
}

static void test_endpoints(void **state) {
    FILE *f = fopen(config_path, "w");
    (void)state;
    assert_non_null(f);
    fputs("[default]\nregion = sa-east-1\nendpoint_url = https://profile.example\n[profile deaf]\nregion = sa-east-1\nendpoint_url = https://profile.example\n"
          "ignore_configured_endpoint_urls = true\n[profile bad]\nregion = a b\n", f);
    fclose(f);
    begin();
    set_variable("AWS_CONFIG_FILE", config_path);
    assert_true(locate(LLMFI_SERVICE_S3_GET, "key"));
    same(place.region, "sa-east-1");
    same(place.endpoint, "https://profile.example");
    memset(&place, 0, sizeof place);
    place.profile = LLMFI_LIT("deaf");
    assert_true(locate(LLMFI_SERVICE_S3_GET, "key"));
    assert_int_equal(place.endpoint.len, 0);
    memset(&place, 0, sizeof place);
    place.profile = LLMFI_LIT("bad");
    assert_false(locate(LLMFI_SERVICE_S3_GET, "key"));
    set_variable("AWS_ENDPOINT_URL", "https://all.example");
    memset(&place, 0, sizeof place);
    assert_true(locate(LLMFI_SERVICE_S3_GET, "key"));
    same(place.endpoint, "https://all.example");
    set_variable("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9000/");
    set_variable("AWS_ENDPOINT_URL_SECRETS_MANAGER", "https://secrets.example");
    memset(&place, 0, sizeof place);
    assert_true(locate(LLMFI_SERVICE_S3_GET, "key"));
    same(place.endpoint, "http://127.0.0.1:9000/");
    memset(&place, 0, sizeof place);
    assert_true(locate(LLMFI_SERVICE_SECRET_GET, "id"));
    same(place.endpoint, "https://secrets.example");
    memset(&place, 0, sizeof place);
    assert_true(locate(LLMFI_SERVICE_SSM_GET, "/a"));
    same(place.endpoint, "https://all.example");
    set_variable("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true");
    memset(&place, 0, sizeof place);
    assert_true(locate(LLMFI_SERVICE_S3_GET, "key"));
    assert_int_equal(place.endpoint.len, 0);
    place.endpoint = LLMFI_LIT("https://said.example"); /* what the source says is not ignored */
    assert_true(locate(LLMFI_SERVICE_S3_GET, "key"));
    same(place.endpoint, "https://said.example");
    place.endpoint = LLMFI_LIT("ftp://said.example");
    assert_false(locate(LLMFI_SERVICE_S3_GET, "key"));
    has(err.text, "AWS_ENDPOINT_URL");
    over();
}

/* ---- requests ---- */

static void url_is(const char *endpoint, bool path_style, const char *bucket, const char *key, const char *expected) {
    place.region = LLMFI_LIT("us-west-1");
    place.endpoint = llmfi_cstr(endpoint);
    place.path_style = path_style;
    err.text[0] = '\0';
    if (!llmfi_s3_get(&request, &place, llmfi_cstr(bucket), llmfi_cstr(key), llmfi_str("", 0), &err)) print_error("%s\n", err.text);
    same(llmfi_buf_str(&request.url), expected);
}

static void refused(const char *bucket, const char *key, const char *what) {
    place.region = LLMFI_LIT("us-west-1");
    place.endpoint.len = 0;
    assert_false(llmfi_s3_get(&request, &place, llmfi_cstr(bucket), llmfi_cstr(key), llmfi_str("", 0), &err));
    assert_int_equal(err.code, LLMF_ERR_CONFIG);
    has(err.text, what);
}

static void test_objects(void **state) {
    (void)state;
    begin();
    url_is("", false, "my-bucket", "a/b.yaml", "https://my-bucket.s3.us-west-1.amazonaws.com/a/b.yaml");
    url_is("", true, "my-bucket", "a", "https://s3.us-west-1.amazonaws.com/my-bucket/a");
    url_is("", false, "my.bucket", "a", "https://s3.us-west-1.amazonaws.com/my.bucket/a");
    url_is("", false, "My_Bucket", "a", "https://s3.us-west-1.amazonaws.com/My_Bucket/a");
    url_is("", false, "ab", "a", "https://s3.us-west-1.amazonaws.com/ab/a");
    url_is("", false, "-abc", "a", "https://s3.us-west-1.amazonaws.com/-abc/a");
    url_is("http://127.0.0.1:9000", false, "my-bucket", "a", "http://127.0.0.1:9000/my-bucket/a");
    url_is("http://[::1]:80/", false, "my-bucket", "a", "http://[::1]/my-bucket/a");
    url_is("http://LocalHost:81/x/", false, "my-bucket", "a", "http://LocalHost:81/x/my-bucket/a");
    url_is("https://store.example:443/x", false, "my-bucket", "a", "https://my-bucket.store.example/x/a");
    url_is("https://10.example", false, "my-bucket", "a", "https://my-bucket.10.example/a");
    url_is("", false, "abc", "/a//../b c+%&?#=@:\x7f\xC3\xA4'()*!~-_.", "https://abc.s3.us-west-1.amazonaws.com//a//../b%20c%2B%25%26%3F%23%3D%40%3A%7F%C3%A4%27%28%29%2A%21~-_.");
    assert_int_equal(request.header_count, 0);
    same(request.method, "GET");
    assert_true(llmfi_s3_get(&request, &place, LLMFI_LIT("abc"), LLMFI_LIT("k"), LLMFI_LIT("\"5d41\""), &err));
    assert_int_equal(request.header_count, 1);
    same(request.headers[0].name, "If-None-Match");
    same(request.headers[0].value, "\"5d41\"");
    assert_true(llmfi_s3_get(&request, &place, LLMFI_LIT("abc"), LLMFI_LIT("k"), LLMFI_LIT("a\r\nX: y"), &err));
    assert_int_equal(request.header_count, 0);
    refused("", "k", "no bucket has this name");
    refused("a/b", "k", "no bucket has this name");
    refused("..", "k", "no bucket has this name");
    refused("a@b", "k", "no bucket has this name");
    refused("arn:aws:s3:us-west-2:123456789012:accesspoint:x", "k", "alias");
    refused("b--usw2-az1--x-s3", "k", "directory buckets");
    refused("abc", "", "no object");
    over();
}

static void list_is(llmfi_s3_wanted want, const char *expected) {
    assert_true(llmfi_s3_list(&request, &place, LLMFI_LIT("my-bucket"), &want, &err));
    same(llmfi_buf_str(&request.url), expected);
}

static void test_lists_asked(void **state) {
    llmfi_s3_wanted want;
    (void)state;
    begin();
    memset(&want, 0, sizeof want);
    place.region = LLMFI_LIT("us-west-1");
    list_is(want, "https://my-bucket.s3.us-west-1.amazonaws.com/?list-type=2");
    want.prefix = LLMFI_LIT("models/a b");
    want.delimiter = LLMFI_LIT("/");
    want.token = LLMFI_LIT("1/2+3=");
    want.max_keys = 7;
    list_is(want, "https://my-bucket.s3.us-west-1.amazonaws.com/?list-type=2&continuation-token=1%2F2%2B3%3D&delimiter=%2F&max-keys=7&prefix=models%2Fa%20b");
    place.path_style = true;
    want.delimiter = want.token = llmfi_str("", 0);
    want.max_keys = 0;
    list_is(want, "https://s3.us-west-1.amazonaws.com/my-bucket?list-type=2&prefix=models%2Fa%20b");
    over();
}

static void test_json_asked(void **state) {
    (void)state;
    begin();
    place.region = LLMFI_LIT("eusc-de-east-1");
    assert_true(llmfi_ssm_get(&request, &place, LLMFI_LIT("/a \"b\"\\"), &err));
    same(llmfi_buf_str(&request.url), "https://ssm.eusc-de-east-1.amazonaws.eu/");
    same(llmfi_buf_str(&request.body), "{\"Name\":\"/a \\\"b\\\"\\\\\",\"WithDecryption\":true}");
    same(request.headers[0].value, "AmazonSSM.GetParameter");
    same(request.headers[1].value, "application/x-amz-json-1.1");
    same(request.method, "POST");
    place.endpoint = LLMFI_LIT("http://localhost:1/base");
    assert_true(llmfi_secret_get(&request, &place, LLMFI_LIT("app"), LLMFI_LIT("AWSPREVIOUS"), &err));
    same(llmfi_buf_str(&request.url), "http://localhost:1/base/");
    same(llmfi_buf_str(&request.body), "{\"SecretId\":\"app\",\"VersionStage\":\"AWSPREVIOUS\"}");
    same(request.headers[0].value, "secretsmanager.GetSecretValue");
    assert_int_equal(request.header_count, 2);
    assert_false(llmfi_ssm_get(&request, &place, llmfi_str("", 0), &err));
    assert_false(llmfi_secret_get(&request, &place, llmfi_str("", 0), llmfi_str("", 0), &err));
    over();
}

/* Each request to the heap refused once: an error, and nothing is kept. */
static void test_no_memory(void **state) {
    static const llmfi_aws_keys keys = { { "ID", 2 }, { "S", 1 }, { "T", 1 } };
    llmfi_s3_wanted want;
    llmfi_service_signed sent;
    int n, failed = 0;
    (void)state;
    memset(&want, 0, sizeof want);
    for (n = 1; n < 12; n++) {
        bool good;
        begin();
        place.region = LLMFI_LIT("us-west-1");
        heap.fail_at = (uint64_t)n;
        llmfi_service_signed_init(&sent, &heap);
        err.code = LLMF_OK;
        good = llmfi_ssm_get(&request, &place, LLMFI_LIT("/a"), &err) && llmfi_s3_list(&request, &place, LLMFI_LIT("abc"), &want, &err) &&
               llmfi_s3_get(&request, &place, LLMFI_LIT("abc"), LLMFI_LIT("k"), llmfi_str("", 0), &err) && llmfi_service_sign(&request, &keys, 0, &sent, &err);
        if (!good) assert_int_equal(err.code, LLMF_ERR_MEMORY);
        failed += !good;
        llmfi_service_signed_free(&sent);
        over();
    }
    assert_true(failed >= 3);
}

/* ---- signatures ---- */

static const char *header_of(const llmfi_service_signed *s, const char *name) {
    static char text[1024];
    size_t i;
    for (i = 0; i < s->header_count; i++)
        if (llmfi_eq_nocase(s->headers[i].name, llmfi_cstr(name))) {
            snprintf(text, sizeof text, "%.*s", (int)s->headers[i].value.len, s->headers[i].value.ptr);
            return text;
        }
    return "";
}

/* "Signature calculations: transfer payload in a single chunk", Amazon S3 API reference, GET Bucket; the others were computed with Python's hmac and hashlib. */
static void test_signatures(void **state) {
    static const char empty[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    llmfi_aws_keys keys;
    llmfi_service_signed s;
    (void)state;
    begin();
    llmfi_service_signed_init(&s, &heap);
    keys.id = LLMFI_LIT("AKIAIOSFODNN7EXAMPLE");
    keys.secret = LLMFI_LIT("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
    keys.token = llmfi_str("", 0);
    place.region = LLMFI_LIT("us-east-1");
    assert_true(llmfi_s3_get(&request, &place, LLMFI_LIT("examplebucket"), LLMFI_LIT("x"), llmfi_str("", 0), &err));
    request.url.len = 0;
    assert_true(llmfi_aws_add(&request.url, LLMFI_LIT("https://examplebucket.s3.amazonaws.com/?max-keys=2&prefix=J")));
    assert_true(llmfi_service_sign(&request, &keys, INT64_C(1369353600000), &s, &err));
    assert_string_equal(header_of(&s, "Authorization"), "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, SignedHeaders=host;x-amz-content-sha256;"
                                                        "x-amz-date, Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
    assert_string_equal(header_of(&s, "x-amz-date"), "20130524T000000Z");
    assert_string_equal(header_of(&s, "x-amz-content-sha256"), empty);
    assert_string_equal(header_of(&s, "x-amz-security-token"), "");
    keys.id = LLMFI_LIT("AKIDEXAMPLE");
    keys.token = LLMFI_LIT("tok/en=");
    place.region = LLMFI_LIT("eu-west-1");
    assert_true(llmfi_s3_get(&request, &place, LLMFI_LIT("models"), LLMFI_LIT("a b/+:/\xE1\x88\xB4/..//x"), LLMFI_LIT("\"e\""), &err));
    assert_true(llmfi_service_sign(&request, &keys, INT64_C(1780425058999), &s, &err));
    assert_string_equal(header_of(&s, "Authorization"), "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260602/eu-west-1/s3/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date;"
                                                        "x-amz-security-token, Signature=6547a97ae89c0e7f535dc4d59784bf95ea56521dff2911e42c88443a64f973b9");
    assert_string_equal(header_of(&s, "X-Amz-Security-Token"), "tok/en=");
    assert_string_equal(header_of(&s, "If-None-Match"), "\"e\"");
    assert_int_equal(s.header_count, 5);
    keys.token.len = 0;
    place.region = LLMFI_LIT("cn-north-1");
    assert_true(llmfi_ssm_get(&request, &place, LLMFI_LIT("/app/models"), &err));
    assert_true(llmfi_service_sign(&request, &keys, INT64_C(1780425058000), &s, &err));
    assert_string_equal(header_of(&s, "Authorization"), "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260602/cn-north-1/ssm/aws4_request, SignedHeaders=content-type;host;x-amz-date;"
                                                        "x-amz-target, Signature=4c81d295bbe4b5d07181bbfbe230a1a439f371b5c0dfad13a83927905a86d368");
    assert_string_equal(header_of(&s, "x-amz-content-sha256"), "");
    keys.token = LLMFI_LIT("a\nb");
    assert_false(llmfi_service_sign(&request, &keys, 0, &s, &err));
    assert_int_equal(err.code, LLMF_ERR_AUTH);
    hasnt(err.text, "AKID");
    llmfi_service_signed_free(&s);
    over();
}

/* ---- XML ---- */

/* What a document says: "<name" and ">text" of each element; "!": it is none. */
static const char *xml_log(llmf_str text) {
    llmfi_xml x;
    llmfi_out o;
    int event;
    llmfi_out_window(&o, got, sizeof got - 1, 0);
    llmfi_xml_init(&x, text);
    while ((event = llmfi_xml_next(&x)) > LLMFI_XML_END) {
        llmfi_put_str(&o, event == LLMFI_XML_OPEN ? LLMFI_LIT("<") : LLMFI_LIT(">"));
        if (event == LLMFI_XML_OPEN) llmfi_put_str(&o, x.name);
        else if (!llmfi_xml_put(&o, x.inner)) LLMFI_PUT(&o, "?");
    }
    if (event == LLMFI_XML_ERROR) {
        LLMFI_PUT(&o, "!");
        assert_non_null(x.error);
        assert_int_equal(llmfi_xml_next(&x), LLMFI_XML_ERROR);
    }
    got[o.len] = '\0';
    return got;
}

static void test_xml(void **state) {
    static const char *const cases[][2] = {
        { "<a/>", "<a>" }, { "<a></a>", "<a>" }, { " <a b='>' c=\"</a>\" >x</a >\n", "<a>x" }, { "\xEF\xBB\xBF<?xml version=\"1.0\"?><!-- <b> --><a>1</a><!----> ", "<a>1" },
        { "<a><b>1</b>2<c/></a>", "<a<b>1<c>>" }, { "<s3:a xmlns:s3='u'><s3:b>t</s3:b></s3:a>", "<a<b>t>" },
        { "<a>&lt;&gt;&amp;&quot;&apos;&#65;&#x42;&#x1F600;</a>", "<a><>&\"'AB\xF0\x9F\x98\x80" }, { "<a>&#1;&#0;&#xD800;&#x110000;&#99999999999;</a>", "<a>\x01\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD" },
        { "<a>x<![CDATA[<&]]]]>y<!-- & -->z\r\n\r</a>", "<a>x<&]]yz\n\n" }, { "<a>\xff" "b\xC3</a>", "<a>\xEF\xBF\xBD" "b\xEF\xBF\xBD" },
        { "<a>&nbsp;</a>", "<a>?" }, { "<a>&</a>", "<a>?" }, { "<a>&#;</a>", "<a>?" }, { "<a>&#x;</a>", "<a>?" }, { "<a>&#12g;</a>", "<a>?" }, { "<a>&amp</a>", "<a>?" },
        { "", "!" }, { " ", "!" }, { "x<a/>", "!" }, { "<a/>x", "<a>!" }, { "<a/><b/>", "<a>!" }, { "<a>", "<a!" }, { "<a></b>", "<a!" }, { "</a>", "!" }, { "<>", "!" }, { "< a/>", "!" },
        { "<a b=\"></a>", "!" }, { "<a<b/></a>", "!" }, { "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>", "!" }, { "<a><!-- </a>", "<a!" }, { "<a><![CDATA[ </a>", "<a!" },
        { "<![CDATA[x]]><a/>", "!" }, { "<a><!ELEMENT b></a>", "<a!" }, { "{\"a\":1}", "!" }, { "<a", "!" }, { "<", "!" }, { "<a></a", "<a!" }, { "<a></", "<a!" },
    };
    char deep[4 * LLMFI_XML_DEPTH + 16] = "";
    size_t i;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(cases); i++) {
        const char *log = xml_log(llmfi_cstr(cases[i][0]));
        if (strcmp(log, cases[i][1])) print_error("%s\n", cases[i][0]);
        assert_string_equal(log, cases[i][1]);
    }
    for (i = 0; i < LLMFI_XML_DEPTH; i++) strcat(deep, "<a>");
    assert_null(strchr(xml_log(llmfi_cstr("<a/>")), '!'));
    assert_int_equal(strlen(xml_log(llmfi_cstr(deep))), 2 * LLMFI_XML_DEPTH + 1);
    strcat(deep, "<a>");
    assert_int_equal(strlen(xml_log(llmfi_cstr(deep))), 2 * LLMFI_XML_DEPTH + 1); /* one more is not opened */
    assert_string_equal(xml_log(llmfi_str("<a>\0</a>", 8)) + 2, ">");           /* a NUL is a byte like others */
}

/* ---- lists ---- */

#define LIST_BEGIN "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>b</Name><Prefix>p/</Prefix>"
#define LIST_END "</ListBucketResult>"

static size_t decode(const char *operation, int status, llmf_str body) {
    return llmf_aws_decode(operation, status, body, got, sizeof got, &err);
}

static void decodes(const char *operation, const char *body, const char *expected) {
    size_t n = decode(operation, 200, llmfi_cstr(body));
    if (!n) print_error("%s: %s\n", body, err.text);
    assert_string_equal(got, expected);
    assert_int_equal(n, strlen(expected));
    assert_int_equal(err.code, LLMF_OK);
}

static void no_reply(const char *operation, const char *body) {
    size_t n = decode(operation, 200, llmfi_cstr(body));
    if (n) print_error("%s: %s\n", body, got);
    assert_int_equal(n, 0);
    assert_string_equal(got, "");
    assert_int_equal(err.code, LLMF_ERR_PROTOCOL);
    assert_int_equal(err.http_status, 200);
}

static void test_lists(void **state) {
    static const char whole[] = LIST_BEGIN "<NextContinuationToken>1/+=&amp;</NextContinuationToken><IsTruncated>true</IsTruncated><Contents><Key>p/a&amp;b.yaml</Key><ETag>&quot;e1&quot;"
                                           "</ETag><Owner><Key>no</Key></Owner></Contents><Contents><ETag>e2</ETag><Key>p/\xC3\xA4 &#x1;</Key></Contents><CommonPrefixes><Prefix>p/d/</Prefix>"
                                           "<Prefix>p/e/</Prefix></CommonPrefixes>" LIST_END;
    llmfi_s3_page p;
    size_t i;
    (void)state;
    decodes("ListObjectsV2", whole, "{\"keys\":[\"p/a&b.yaml\",\"p/\xC3\xA4 \\u0001\"],\"prefixes\":[\"p/d/\",\"p/e/\"],\"next_token\":\"1/+=&\"}");
    decodes("ListObjectsV2", LIST_BEGIN "<KeyCount>0</KeyCount>" LIST_END, "{\"keys\":[],\"prefixes\":[]}");
    decodes("ListObjectsV2", LIST_BEGIN "<EncodingType>url</EncodingType><Contents><Key>a+b%2Bc%C3%A4%zz/%ff</Key></Contents>" LIST_END,
            "{\"keys\":[\"a b+c\xC3\xA4%zz/\xEF\xBF\xBD\"],\"prefixes\":[]}");
    no_reply("ListObjectsV2", LIST_BEGIN "<IsTruncated>true</IsTruncated>" LIST_END); /* there is more, and no way to it */
    no_reply("ListObjectsV2", LIST_BEGIN "<Contents><Key>&what;</Key></Contents>" LIST_END);
    no_reply("ListObjectsV2", "<Error><Code>InternalError</Code></Error>");
    no_reply("ListObjectsV2", "<a>" LIST_BEGIN LIST_END "</a>");
    no_reply("ListObjectsV2", "<html><body>proxy</body></html>");
    assert_true(llmfi_s3_page_begin(&p, llmfi_cstr(whole), LLMFI_LIT("s3://b/p/"), &err));
    assert_true(p.more);
    same(p.token, "1/+=&amp;");
    assert_int_equal(llmfi_s3_list_next(&p), LLMFI_S3_KEY);
    same(p.key, "p/a&amp;b.yaml");
    same(p.etag, "&quot;e1&quot;");
    assert_int_equal(llmfi_s3_list_next(&p), LLMFI_S3_KEY);
    same(p.etag, "e2");
    assert_int_equal(llmfi_s3_list_next(&p), LLMFI_S3_PREFIX);
    same(p.key, "p/d/");
    assert_int_equal(p.etag.len, 0);
    assert_int_equal(llmfi_s3_list_next(&p), LLMFI_S3_PREFIX);
    assert_int_equal(llmfi_s3_list_next(&p), LLMFI_S3_END);
    assert_int_equal(llmfi_s3_list_next(&p), LLMFI_S3_END);
    for (i = 0; i + 1 < sizeof whole; i++) { /* nothing of a list that is cut counts; in memory of its exact size */
        char *cut = (char *)malloc(i ? i : 1);
        assert_non_null(cut);
        memcpy(cut, whole, i);
        assert_false(llmfi_s3_page_begin(&p, llmfi_str(cut, i), LLMFI_LIT("s3://b/p/"), &err));
        assert_int_equal(err.code, LLMF_ERR_PROTOCOL);
        has(err.text, "s3://b/p/: ");
        free(cut);
    }
}

/* A thousand keys of 1024 bytes, each byte a reference: in linear time, and the length that is wanted is right. */
static void test_large_list(void **state) {
    size_t n = 0, i, k, wanted;
    char *body = (char *)malloc(16u << 20), *out;
    (void)state;
    assert_non_null(body);
    n += (size_t)sprintf(body, "%s", LIST_BEGIN);
    for (i = 0; i < 1000; i++) {
        n += (size_t)sprintf(body + n, "<Contents><Key>");
        for (k = 0; k < 1024; k++) n += (size_t)sprintf(body + n, "&quot;");
        n += (size_t)sprintf(body + n, "</Key></Contents>");
    }
    n += (size_t)sprintf(body + n, "%s", LIST_END);
    wanted = llmf_aws_decode("ListObjectsV2", 200, llmfi_str(body, n), NULL, 0, NULL);
    assert_int_equal(wanted, strlen("{\"keys\":[],\"prefixes\":[]}") + 1000 * (2 * 1024 + 3) - 1);
    out = (char *)malloc(wanted + 1);
    assert_non_null(out);
    assert_int_equal(llmf_aws_decode("ListObjectsV2", 200, llmfi_str(body, n), out, wanted + 1, NULL), wanted);
    assert_int_equal(strlen(out), wanted);
    assert_string_equal(out + wanted - 2, "]}");
    free(out);
    free(body);
}

/* ---- values ---- */

static void test_values(void **state) {
    static const char *const cut[][2] = { { "GetParameter", "{\"Parameter\":{\"Name\":\"/a\",\"Value\":\"a\\u00e4\",\"Version\":3}}" },
                                          { "GetSecretValue", "{\"SecretBinary\":\"aGVsbG8=\",\"VersionStages\":[\"AWSCURRENT\"]}" } };
    char base64[2100], expected[2100], bytes[1500];
    llmfi_service_held held;
    llmfi_out o;
    size_t i, n;
    (void)state;
    decodes("GetObject", "a\"b\n\xC3\xA4", "{\"value\":\"a\\\"b\\n\xC3\xA4\"}");
    decodes("GetObject", "", "{\"value\":\"\"}");
    decodes("GetObject", "\xff\xfe", "{\"value_b64\":\"//4=\"}");
    decodes("GetObject", "a\xC3", "{\"value_b64\":\"YcM=\"}");
    decodes("GetParameter", "{\"Parameter\":{\"Name\":\"/a\",\"Type\":\"String\",\"Value\":\"a\\u00e4\\n\\ud83d\\ude00\",\"Version\":3}}", "{\"value\":\"a\xC3\xA4\\n\xF0\x9F\x98\x80\"}");
    decodes("GetParameter", " {\"x\":[1,{}],\"Parameter\":{\"Tags\":{\"Value\":\"no\"},\"Value\":\"\"}} ", "{\"value\":\"\"}");
    decodes("GetSecretValue", "{\"SecretString\":\"{\\\"k\\\":1}\",\"VersionId\":\"v\"}", "{\"value\":\"{\\\"k\\\":1}\"}");
    decodes("GetSecretValue", "{\"SecretBinary\":\"aGVsbG8=\"}", "{\"value\":\"hello\"}");
    decodes("GetSecretValue", "{\"SecretBinary\":\"\\/\\/4=\"}", "{\"value_b64\":\"//4=\"}");
    decodes("GetSecretValue", "{\"SecretBinary\":\"//4=\",\"SecretString\":\"s\"}", "{\"value\":\"s\"}");
    decodes("GetSecretValue", "{\"SecretString\":\"s\",\"SecretBinary\":\"//4=\"}", "{\"value\":\"s\"}");
    decodes("GetSecretValue", "{\"SecretString\":null,\"SecretBinary\":\"\"}", "{\"value\":\"\"}");
    no_reply("GetSecretValue", "{\"SecretBinary\":\"aGVsb$8=\"}");
    no_reply("GetSecretValue", "{\"SecretBinary\":\"aGVs=G8=\"}");
    no_reply("GetSecretValue", "{\"VersionId\":\"v\"}");
    no_reply("GetSecretValue", "{\"SecretString\":\"cut");
    no_reply("GetSecretValue", "[]");
    no_reply("GetParameter", "{\"Parameter\":{\"Value\":7}}");
    no_reply("GetParameter", "{\"Parameter\":\"x\"}");
    no_reply("GetParameter", "{\"Parameter\":{\"Value\":\"x\"}} x");
    no_reply("GetParameter", "");
    for (n = 0; n <= sizeof bytes; n += n < 600 ? 1 : 97) { /* at every length: base64 is read in pieces */
        for (i = 0; i < n; i++) bytes[i] = (char)(i * 7 | 0x80);
        i = llmfi_base64_encode(base64, bytes, n);
        snprintf(got, sizeof got, "{\"SecretBinary\":\"%.*s\"}", (int)i, base64);
        snprintf(expected, sizeof expected, n ? "{\"value_b64\":\"%.*s\"}" : "{\"value\":\"\"}", (int)i, base64);
        {
            char body[2100];
            strcpy(body, got);
            decodes("GetSecretValue", body, expected);
        }
    }
    for (n = 0; n < 4; n++) { /* characters that the pieces of base64 cut */
        char body[2200], text[512];
        for (i = 0; i < n; i++) text[i] = 'x';
        for (; i + 4 <= 450; i += 4) memcpy(text + i, "\xF0\x9F\x98\x80", 4);
        text[i] = '\0';
        base64[llmfi_base64_encode(base64, text, i)] = '\0';
        snprintf(body, sizeof body, "{\"SecretBinary\":\"%s\"}", base64);
        snprintf(expected, sizeof expected, "{\"value\":\"%s\"}", text);
        decodes("GetSecretValue", body, expected);
    }
    for (i = 0; i < LLMFI_COUNT(cut); i++)
        for (n = 0; n < strlen(cut[i][1]); n++) { /* no value of a reply that is cut counts */
            assert_int_equal(decode(cut[i][0], 200, llmfi_str(cut[i][1], n)), 0);
            assert_int_equal(err.code, LLMF_ERR_PROTOCOL);
        }
    llmfi_out_window(&o, got, sizeof got, 0);
    assert_true(llmfi_service_value(LLMFI_SERVICE_SSM_GET, LLMFI_LIT("{\"Parameter\":{\"Type\":\"SecureString\",\"Value\":\"v\",\"Version\":12}}"), LLMFI_LIT("ssm:/a"), &o, &held, &err));
    assert_true(held.secret);
    same(held.version, "12");
    same(llmfi_str(got, o.len), "v");
    llmfi_out_window(&o, got, sizeof got, 0);
    assert_true(llmfi_service_value(LLMFI_SERVICE_SECRET_GET, LLMFI_LIT("{\"VersionId\":\"v-1\",\"SecretBinary\":\"AAE=\"}"), LLMFI_LIT("x"), &o, &held, &err));
    same(held.version, "v-1");
    assert_int_equal(o.len, 2);
    assert_memory_equal(got, "\0\1", 2);
}

/* The room that there is: never a byte more, and the length that is wanted. */
static void test_room(void **state) {
    char out[40];
    size_t cap;
    (void)state;
    for (cap = 0; cap < sizeof out; cap++) {
        memset(out, '#', sizeof out);
        assert_int_equal(llmf_aws_decode("GetObject", 200, LLMFI_LIT("hello"), out, cap, &err), 17);
        if (cap) assert_int_equal(strlen(out), cap > 17 ? 17 : cap - 1);
        if (cap < sizeof out) assert_int_equal(out[cap], '#');
        memset(out, '#', sizeof out);
        assert_int_equal(llmf_aws_decode("GetObject", 404, LLMFI_LIT("<Error><Code>NoSuchKey</Code><Message>h\xC3\xA4llo</Message></Error>"), out, cap, &err), 0);
        assert_int_equal(err.message.len, cap > 6 ? 6 : cap == 3 ? 1 : cap ? cap - 1 : 0);
        if (cap) assert_int_equal(strlen(out), err.message.len);
        if (cap < sizeof out) assert_int_equal(out[cap], '#');
    }
}

/* ---- errors ---- */

static const struct {
    const char *operation;
    int status;
    const char *body;
    int code;
    const char *word, *message, *advice;
} errors[] = {
    { "GetObject", 404, "<?xml version=\"1.0\"?>\n<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message><Key>k</Key></Error>", LLMF_ERR_NOT_FOUND, "NoSuchKey",
      "The specified key does not exist.", "look at the bucket" },
    { "ListObjectsV2", 404, "<Error><Code>NoSuchBucket</Code><Message>The &lt;bucket&gt;</Message></Error>", LLMF_ERR_NOT_FOUND, "NoSuchBucket", "The <bucket>", "look at the bucket" },
    { "GetObject", 403, "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>", LLMF_ERR_PERMISSION, "AccessDenied", "Access Denied", "s3:GetObject" },
    { "ListObjectsV2", 403, "<Error><Code>AccessDenied</Code></Error>", LLMF_ERR_PERMISSION, "AccessDenied", "", "s3:ListBucket" },
    { "GetObject", 403, "<Error><Code>SignatureDoesNotMatch</Code><Message>It does not match AKIAIOSFODNN7EXAMPLE.\nThe canonical string: x</Message><AWSAccessKeyId>AKIAIOSFODNN7EXAMPLE"
      "</AWSAccessKeyId><StringToSign>AWS4-HMAC-SHA256 x</StringToSign></Error>", LLMF_ERR_AUTH, "SignatureDoesNotMatch", "It does not match [key].", "AWS_SECRET_ACCESS_KEY" },
    { "GetObject", 403, "<Error><Code>InvalidAccessKeyId</Code><Message>m</Message></Error>", LLMF_ERR_AUTH, "InvalidAccessKeyId", "m", "AWS_ACCESS_KEY_ID" },
    { "GetObject", 400, "<Error><Code>ExpiredToken</Code><Message>m</Message></Error>", LLMF_ERR_AUTH, "ExpiredToken", "m", "get new AWS credentials" },
    { "GetObject", 403, "<Error><Code>RequestTimeTooSkewed</Code><Message>m</Message></Error>", LLMF_ERR_AUTH, "RequestTimeTooSkewed", "m", "clock" },
    { "GetObject", 503, "<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>", LLMF_ERR_RATE_LIMIT, "SlowDown", "Please reduce your request rate.", "less often" },
    { "GetObject", 500, "<Error><Code>InternalError</Code></Error>", LLMF_ERR_SERVER, "InternalError", "", "try again later" },
    { "GetObject", 503, "<Error><Code>ServiceUnavailable</Code></Error>", LLMF_ERR_OVERLOADED, "ServiceUnavailable", "", "try again later" },
    { "GetObject", 301, "", LLMF_ERR_BAD_REQUEST, "", "", "region" },
    { "GetObject", 403, "", LLMF_ERR_PERMISSION, "", "", "s3:GetObject" },
    { "GetObject", 404, "not XML", LLMF_ERR_NOT_FOUND, "", "", "look at the bucket" },
    { "GetObject", 502, "<html><head><title>Bad gateway</title></head></html>", LLMF_ERR_SERVER, "", "", "try again later" },
    { "GetObject", 404, "<Error><Code>NoSuchKey</Code><Mess", LLMF_ERR_NOT_FOUND, "NoSuchKey", "", "" },
    { "GetParameter", 400, "{\"__type\":\"ParameterNotFound\"}", LLMF_ERR_NOT_FOUND, "ParameterNotFound", "", "the parameter's name" },
    { "GetParameter", 400, "{\"__type\":\"com.amazonaws.ssm#ThrottlingException\",\"message\":\"Rate exceeded\"}", LLMF_ERR_RATE_LIMIT, "ThrottlingException", "Rate exceeded", "less often" },
    { "GetParameter", 400, "{\"__type\":\"AccessDeniedException\",\"Message\":\"User is not authorized\"}", LLMF_ERR_PERMISSION, "AccessDeniedException", "User is not authorized", "ssm:GetParameter" },
    { "GetParameter", 400, "{\"__type\":\"ValidationException\",\"message\":\"bad name\"}", LLMF_ERR_BAD_REQUEST, "ValidationException", "bad name", "look at the name" },
    { "GetParameter", 400, "{\"__type\":\"UnrecognizedClientException:http:\\/\\/x\",\"message\":\"m\"}", LLMF_ERR_AUTH, "UnrecognizedClientException", "m", "AWS_ACCESS_KEY_ID" },
    { "GetSecretValue", 400, "{\"__type\":\"ResourceNotFoundException\",\"Message\":\"Secrets Manager can't find the specified secret.\"}", LLMF_ERR_NOT_FOUND, "ResourceNotFoundException",
      "Secrets Manager can't find the specified secret.", "the secret's name" },
    { "GetSecretValue", 400, "{\"__type\":\"InvalidSignatureException\",\"message\":\"It does not match.\\n\\nThe Canonical String is\\nx-amz-security-token:SECRET\"}", LLMF_ERR_AUTH,
      "InvalidSignatureException", "It does not match.", "AWS_SECRET_ACCESS_KEY" },
    { "GetSecretValue", 400, "{\"__type\":\"InvalidSignatureException\",\"message\":\"No match. The Canonical String is x-amz-security-token:SECRET\"}", LLMF_ERR_AUTH, "InvalidSignatureException",
      "No match.", "AWS_SECRET_ACCESS_KEY" },
    { "GetSecretValue", 400, "{\"__type\":\"DecryptionFailure\",\"Message\":\"m\"}", LLMF_ERR_BAD_REQUEST, "DecryptionFailure", "m", "" },
    { "GetSecretValue", 500, "{\"__type\":\"InternalServiceError\"}", LLMF_ERR_SERVER, "InternalServiceError", "", "" },
    { "GetSecretValue", 400, "", LLMF_ERR_BAD_REQUEST, "", "", "" },
};

static void test_errors(void **state) {
    size_t i, n;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(errors); i++) {
        assert_int_equal(decode(errors[i].operation, errors[i].status, llmfi_cstr(errors[i].body)), 0);
        if (err.code != errors[i].code) print_error("%s: %s\n", errors[i].body, err.text);
        assert_int_equal(err.code, errors[i].code);
        assert_int_equal(err.http_status, errors[i].status);
        assert_string_equal(err.provider_code, errors[i].word);
        assert_string_equal(got, errors[i].message);
        same(err.message, errors[i].message);
        has(err.text, errors[i].operation);
        has(err.text, errors[i].message);
        has(err.text, errors[i].advice);
        hasnt(err.text, "AKIA");
        hasnt(err.text, "SECRET\"");
        hasnt(err.text, "AWS4-HMAC");
        for (n = strlen(errors[i].body); n; n--) { /* cut anywhere it is still an error of that status */
            assert_int_equal(decode(errors[i].operation, errors[i].status, llmfi_str(errors[i].body, n)), 0);
            assert_true(err.code != LLMF_OK);
            hasnt(err.text, "AKIAIOSFODNN7EXAMPLE");
            hasnt(err.text, "AWS4-HMAC");
        }
    }
    assert_int_equal(decode("GetObject", 304, LLMFI_LIT("")), 0);
    assert_int_equal(err.code, LLMF_ERR_BAD_REQUEST);
    assert_int_equal(decode("PutObject", 200, LLMFI_LIT("")), 0);
    assert_int_equal(err.code, LLMF_ERR_ARGUMENT);
    assert_int_equal(decode(NULL, 200, LLMFI_LIT("")), 0);
    assert_int_equal(err.code, LLMF_ERR_ARGUMENT);
}

static int judge(int op, int status, const char *header, const char *body, const char *expected) {
    llmf_str region;
    int outcome = llmfi_service_judge(op, status, LLMFI_LIT("us-east-1"), llmfi_cstr(header), llmfi_cstr(body), LLMFI_LIT("s3://b/k"), &region, &err);
    same(region, expected);
    return outcome;
}

static void test_redirects(void **state) {
    static const char moved[] = "<Error><Code>PermanentRedirect</Code><Message>m</Message><Endpoint>b.s3-eu-west-1.amazonaws.com</Endpoint></Error>";
    static const char wrong[] = "<Error><Code>AuthorizationHeaderMalformed</Code><Message>the region 'us-east-1' is wrong; expecting 'eu-central-1'</Message><Region>eu-central-1</Region></Error>";
    (void)state;
    assert_int_equal(judge(LLMFI_SERVICE_S3_GET, 301, "eu-west-1", moved, "eu-west-1"), LLMFI_SERVICE_REGION);
    has(err.text, "the bucket's region is eu-west-1");
    assert_int_equal(judge(LLMFI_SERVICE_S3_LIST, 400, "", wrong, "eu-central-1"), LLMFI_SERVICE_REGION);
    assert_int_equal(judge(LLMFI_SERVICE_S3_GET, 301, " eu-west-1 ", "", "eu-west-1"), LLMFI_SERVICE_REGION);
    assert_int_equal(judge(LLMFI_SERVICE_S3_GET, 307, "eu-west-1", "<Error><Code>TemporaryRedirect</Code></Error>", "eu-west-1"), LLMFI_SERVICE_REGION);
    assert_int_equal(judge(LLMFI_SERVICE_S3_GET, 400, "eu-west-1", "", "eu-west-1"), LLMFI_SERVICE_REGION);
    /* where it was asked; unknown; no name; another service; another error */
    assert_int_equal(judge(LLMFI_SERVICE_S3_GET, 301, "us-east-1", moved, ""), LLMFI_SERVICE_FAILED);
    assert_int_equal(judge(LLMFI_SERVICE_S3_GET, 301, "", moved, ""), LLMFI_SERVICE_FAILED);
    assert_int_equal(judge(LLMFI_SERVICE_S3_GET, 301, "evil.example/", moved, ""), LLMFI_SERVICE_FAILED);
    assert_int_equal(judge(LLMFI_SERVICE_SSM_GET, 301, "eu-west-1", "", ""), LLMFI_SERVICE_FAILED);
    assert_int_equal(judge(LLMFI_SERVICE_S3_GET, 403, "eu-west-1", "<Error><Code>AccessDenied</Code></Error>", ""), LLMFI_SERVICE_FAILED);
    assert_int_equal(judge(LLMFI_SERVICE_S3_GET, 404, "eu-west-1", "", ""), LLMFI_SERVICE_FAILED);
    assert_int_equal(judge(LLMFI_SERVICE_S3_GET, 200, "", "", ""), LLMFI_SERVICE_GOOD);
    assert_int_equal(judge(LLMFI_SERVICE_S3_GET, 304, "", "", ""), LLMFI_SERVICE_SAME);
    assert_int_equal(judge(LLMFI_SERVICE_S3_GET, 206, "", "", ""), LLMFI_SERVICE_FAILED);
}

/* ---- addresses of sources ---- */

static const struct {
    const char *text;
    int op;
    const char *bucket, *name, *region, *endpoint;
    bool path_style;
} sources[] = {
    { "s3://b/models.yaml", LLMFI_SERVICE_S3_GET, "b", "models.yaml", "", "", false },
    { "s3://b/models/", LLMFI_SERVICE_S3_LIST, "b", "models/", "", "", false },
    { "s3://b/", LLMFI_SERVICE_S3_LIST, "b", "", "", "", false },
    { "s3://b", LLMFI_SERVICE_S3_LIST, "b", "", "", "", false },
    { "s3://b/a b%20&=\xC3\xA4//c?region=eu-west-1&path_style=true&endpoint=http://localhost:9000", LLMFI_SERVICE_S3_GET, "b", "a b%20&=\xC3\xA4//c", "eu-west-1", "http://localhost:9000", true },
    { "s3://b?region=eu-west-1&path_style=false", LLMFI_SERVICE_S3_LIST, "b", "", "eu-west-1", "", false },
    { "s3://b/k?endpoint=https%3A%2F%2Fx.example%2Fy&", LLMFI_SERVICE_S3_GET, "b", "k", "", "https://x.example/y", false },
    { "ssm:/a/b", LLMFI_SERVICE_SSM_GET, "", "/a/b", "", "", false },
    { "ssm:name", LLMFI_SERVICE_SSM_GET, "", "name", "", "", false },
    { "ssm://name", LLMFI_SERVICE_SSM_GET, "", "name", "", "", false },
    { "ssm://a/b", LLMFI_SERVICE_SSM_GET, "", "/a/b", "", "", false },
    { "ssm:///a/b?region=eu-west-1", LLMFI_SERVICE_SSM_GET, "", "/a/b", "eu-west-1", "", false },
    { "ssm:arn:aws:ssm:us-east-2:1:parameter/a", LLMFI_SERVICE_SSM_GET, "", "arn:aws:ssm:us-east-2:1:parameter/a", "", "", false },
};

static void test_sources(void **state) {
    static const char *const bad[][2] = {
        { "s3:/b/k", "write s3://bucket/key" }, { "s3:", "write s3://" }, { "s3://", "no bucket is named" }, { "s3:///k", "no bucket is named" }, { "s3://a b/k", "no bucket has this name" },
        { "s3://u:p@b/k", "no bucket has this name" }, { "s3://arn:aws:s3:us-west-2:1:accesspoint:x/k", "alias" }, { "s3://b/k?regoin=x", "regoin: no such option" },
        { "s3://b/k?region", "region has no value" }, { "s3://b/k?region=a.b", "region is no name" }, { "s3://b/k?path_style=yes", "path_style is true or false" },
        { "s3://b/k?endpoint=localhost", "endpoint is no URL" }, { "s3://b/k?endpoint=http://x?y", "endpoint is no URL" }, { "s3://b/k\n", "control character" }, { "s3://b/\xff", "not UTF-8" },
        { "ssm:", "no parameter is named" }, { "ssm:/", "no parameter is named" }, { "ssm://", "no parameter is named" }, { "ssm:/a/", "does not end with '/'" },
        { "ssm:/a?path_style=true", "path_style: no such option" }, { "http://x", "neither s3://bucket/key nor ssm:/name" }, { "", "neither" },
    };
    llmfi_aws_source s;
    char key[1200];
    size_t i;
    (void)state;
    begin();
    for (i = 0; i < LLMFI_COUNT(sources); i++) {
        err.text[0] = '\0';
        assert_true(llmfi_is_aws_source(llmfi_cstr(sources[i].text)));
        if (!llmfi_aws_source_parse(&s, llmfi_cstr(sources[i].text), &arena, &err)) {
            print_error("%s: %s\n", sources[i].text, err.text);
            fail();
        }
        assert_int_equal(s.op, sources[i].op);
        same(s.bucket, sources[i].bucket);
        same(s.name, sources[i].name);
        same(s.place.region, sources[i].region);
        same(s.place.endpoint, sources[i].endpoint);
        assert_int_equal(s.place.path_style, sources[i].path_style);
        assert_int_equal(s.place.profile.len, 0);
    }
    assert_true(llmfi_aws_source_parse(&s, LLMFI_LIT("ssm:/a?profile=work"), &arena, &err));
    same(s.place.profile, "work");
    for (i = 0; i < LLMFI_COUNT(bad); i++) {
        assert_false(llmfi_aws_source_parse(&s, llmfi_cstr(bad[i][0]), &arena, &err));
        assert_int_equal(err.code, LLMF_ERR_CONFIG);
        has(err.text, bad[i][1]);
    }
    memset(key, 'k', sizeof key - 1);
    memcpy(key, "s3://b/", 7);
    key[sizeof key - 1] = '\0';
    assert_false(llmfi_aws_source_parse(&s, llmfi_cstr(key), &arena, &err));
    has(err.text, "1024");
    key[7 + 1024] = '\0';
    assert_true(llmfi_aws_source_parse(&s, llmfi_cstr(key), &arena, &err));
    assert_false(llmfi_is_aws_source(LLMFI_LIT("s3/models.yaml")));
    heap.fail_at = heap.requests + 1;
    llmfi_arena_free(&arena);
    assert_false(llmfi_aws_source_parse(&s, LLMFI_LIT("s3://b/k?profile=a%20b"), &arena, &err));
    assert_int_equal(err.code, LLMF_ERR_MEMORY);
    over();
}

/* ---- the endpoints that the SDKs are tested with ---- */

static const llmfi_node *read_tree(const char *name) {
    llmf_str text = corpus_read(corpus_path(name));
    llmfi_parse_error bad;
    const llmfi_node *n;
    if (!text.ptr) return NULL;
    n = llmfi_json_parse(&tree, text, &bad, false);
    assert_non_null(n);
    free((char *)(uintptr_t)text.ptr);
    return n;
}

static llmf_str text_in(const llmfi_node *n, const char *name) {
    n = llmfi_member(n, llmfi_cstr(name));
    return n && n->text.ptr ? n->text : llmfi_str("", 0);
}

/* Neither a feature that we do not use, nor a region or bucket that we refuse. */
static bool endpoint_case_ours(const llmfi_node *params) {
    static const char names[] = "Region\0Bucket\0Endpoint\0ForcePathStyle\0UseFIPS\0UseDualStack\0Accelerate\0Key\0";
    const llmfi_node *n;
    llmf_str bucket = text_in(params, "Bucket");
    for (n = params->child; n; n = n->next) {
        int at = llmfi_word_in(names, n->key);
        if (at < 0 || (at > 3 && n->type == LLMFI_TRUE)) return false;
    }
    if (bucket.len && (llmfi_starts(bucket, LLMFI_LIT("arn:")) || llmfi_ends(bucket, LLMFI_LIT("--op-s3")) || !llmfi_s3_bucket_ok(bucket))) return false;
    return text_in(params, "Region").len && !LLMFI_IS(text_in(params, "Region"), "aws-global");
}

static int endpoint_cases(const char *file, int op) {
    const llmfi_node *c = read_tree(file), *params, *expect, *style;
    char expected[512];
    int count = 0;
    if (!c) return 0;
    for (c = llmfi_member(c, LLMFI_LIT("testCases"))->child; c; c = c->next) {
        llmf_str bucket, url;
        bool good, dots;
        params = llmfi_member(c, LLMFI_LIT("params"));
        expect = llmfi_member(c, LLMFI_LIT("expect"));
        url = text_in(llmfi_member(expect, LLMFI_LIT("endpoint")), "url");
        if (!url.len || !endpoint_case_ours(params)) continue;
        bucket = text_in(params, "Bucket");
        dots = llmfi_find_char(bucket, '.') != LLMFI_NOWHERE && text_in(params, "Endpoint").len; /* we put dots into no host */
        if (dots || (op == LLMFI_SERVICE_S3_GET && !bucket.len)) continue;
        memset(&place, 0, sizeof place);
        place.region = text_in(params, "Region");
        place.endpoint = text_in(params, "Endpoint");
        style = llmfi_member(params, LLMFI_LIT("ForcePathStyle"));
        place.path_style = style && style->type == LLMFI_TRUE;
        good = op == LLMFI_SERVICE_S3_GET ? llmfi_s3_get(&request, &place, bucket, LLMFI_LIT("k"), llmfi_str("", 0), &err) :
               op == LLMFI_SERVICE_SSM_GET ? llmfi_ssm_get(&request, &place, LLMFI_LIT("k"), &err) : llmfi_secret_get(&request, &place, LLMFI_LIT("k"), llmfi_str("", 0), &err);
        assert_true(good);
        snprintf(expected, sizeof expected, "%.*s/%s", (int)url.len, url.ptr, op == LLMFI_SERVICE_S3_GET ? "k" : "");
        same(llmfi_buf_str(&request.url), expected);
        count++;
    }
    return count;
}

static void test_endpoint_cases(void **state) {
    int s3, ssm, secrets;
    (void)state;
    begin();
    s3 = endpoint_cases("specs/aws/s3.endpoint-tests-1.json", LLMFI_SERVICE_S3_GET);
    ssm = endpoint_cases("specs/aws/ssm.endpoint-tests-1.json", LLMFI_SERVICE_SSM_GET);
    secrets = endpoint_cases("specs/aws/secretsmanager.endpoint-tests-1.json", LLMFI_SERVICE_SECRET_GET);
    over();
    if (!s3) skip();
    print_message("%d, %d and %d endpoints\n", s3, ssm, secrets);
    assert_true(s3 >= 30 && ssm >= 25 && secrets >= 25);
}

/* ---- recorded requests ---- */

static int recorded;

/* A text with %XX decoded, in the tree's arena. */
static llmf_str decoded(llmf_str s) {
    return llmfi_aws_source_decoded(s, &tree);
}

/* Parameters of one query, each of which the other has too; those of a link that is signed do not count, nor what SDKs say of themselves. */
static size_t parameters_in(llmf_str query, llmf_str other) {
    llmfi_parameter p, q;
    size_t count = 0;
    p.at = 0;
    while (llmfi_query_next(&query, &p)) {
        llmf_str rest = other;
        bool found = false;
        if (llmfi_starts(p.name, LLMFI_LIT("X-Amz-")) || LLMFI_IS(p.name, "x-id")) continue;
        q.at = 0;
        while (llmfi_query_next(&rest, &q)) found = found || (llmfi_eq(q.name, p.name) && llmfi_eq(q.value, p.value));
        if (!found) print_error("%.*s\n", (int)p.name.len, p.name.ptr);
        assert_true(found);
        count++;
    }
    return count;
}

static void recorded_s3(const llmfi_node *sent, bool list) {
    llmf_str text = text_in(sent, "url"), bucket, region;
    llmfi_url url, ours;
    llmfi_url_error bad;
    llmfi_s3_wanted want;
    llmfi_parameter p;
    size_t dot;
    assert_true(llmfi_url_parse(text, &url, &bad));
    dot = llmfi_find_char(url.host, '.');
    bucket = llmfi_str(url.host.ptr, dot);
    region = llmfi_from(url.host, dot + 4);
    region.len = llmfi_find_char(region, '.');
    memset(&place, 0, sizeof place);
    memset(&want, 0, sizeof want);
    place.region = region;
    if (list) {
        llmf_str query = url.query;
        p.at = 0;
        while (llmfi_query_next(&query, &p)) {
            if (LLMFI_IS(p.name, "prefix")) want.prefix = decoded(p.value);
            if (LLMFI_IS(p.name, "delimiter")) want.delimiter = decoded(p.value);
            if (LLMFI_IS(p.name, "continuation-token")) want.token = decoded(p.value);
            if (LLMFI_IS(p.name, "max-keys")) want.max_keys = (uint32_t)atoi(p.value.ptr);
        }
        assert_true(llmfi_s3_list(&request, &place, bucket, &want, &err));
    } else {
        assert_true(llmfi_s3_get(&request, &place, bucket, decoded(llmfi_from(url.path, 1)), llmfi_str("", 0), &err));
    }
    assert_true(llmfi_url_parse(llmfi_buf_str(&request.url), &ours, &bad));
    assert_true(llmfi_eq(ours.authority, url.authority) && llmfi_eq(ours.scheme, url.scheme) && llmfi_eq(ours.path, url.path));
    assert_int_equal(parameters_in(url.query, ours.query), parameters_in(ours.query, url.query));
}

static llmf_str header_in(const llmfi_node *sent, const char *name) {
    return text_in(llmfi_member(sent, LLMFI_LIT("headers")), name);
}

static void recorded_json(const llmfi_node *sent, bool secret) {
    const llmfi_node *body = llmfi_member(sent, LLMFI_LIT("body")), *ours, *n;
    llmf_str url = text_in(sent, "url");
    llmfi_parse_error bad;
    uint32_t same_members = 0;
    memset(&place, 0, sizeof place);
    place.region = llmfi_from(url, llmfi_find_char(url, '.') + 1);
    place.region.len = llmfi_find_char(place.region, '.');
    assert_true(secret ? llmfi_secret_get(&request, &place, text_in(body, "SecretId"), text_in(body, "VersionStage"), &err) : llmfi_ssm_get(&request, &place, text_in(body, "Name"), &err));
    assert_true(llmfi_eq(llmfi_buf_str(&request.url), url));
    assert_true(llmfi_eq(request.headers[0].value, header_in(sent, "x-amz-target")));
    assert_true(llmfi_eq(request.headers[1].value, header_in(sent, "content-type")));
    ours = llmfi_json_parse(&tree, llmfi_buf_str(&request.body), &bad, true);
    assert_non_null(ours);
    for (n = ours->child; n; n = n->next) {
        const llmfi_node *m = llmfi_member(body, n->key);
        assert_non_null(m);
        assert_true(m->type == n->type && (!n->text.ptr || llmfi_eq(m->text, n->text)));
        same_members++;
    }
    assert_int_equal(same_members, body->count);
}

static void each_recording(const char *name, llmf_str text) {
    llmfi_parse_error bad;
    const llmfi_node *n, *sent;
    llmf_str operation;
    (void)name;
    llmfi_arena_free(&tree);
    n = llmfi_json_parse(&tree, text, &bad, false);
    assert_non_null(n);
    operation = text_in(n, "operation");
    sent = llmfi_member(n, LLMFI_LIT("request"));
    if (!sent || sent->type != LLMFI_OBJECT) return;
    if (LLMFI_IS(operation, "s3_get_object") || LLMFI_IS(operation, "s3_list_objects_v2")) recorded_s3(sent, LLMFI_IS(operation, "s3_list_objects_v2"));
    else if (LLMFI_IS(operation, "GetParameter") || LLMFI_IS(operation, "GetSecretValue")) recorded_json(sent, LLMFI_IS(operation, "GetSecretValue"));
    else return;
    assert_true(llmfi_eq(request.method, text_in(sent, "method")) || LLMFI_IS(text_in(sent, "method"), "PUT") || LLMFI_IS(text_in(sent, "method"), "DELETE"));
    recorded++;
}

static void test_recordings(void **state) {
    (void)state;
    begin();
    corpus_each("traffic/aws-s3", each_recording);
    corpus_each("traffic/aws-ssm", each_recording);
    corpus_each("traffic/aws-secretsmanager", each_recording);
    over();
    if (!recorded) skip();
    print_message("%d requests\n", recorded);
    assert_true(recorded >= 70);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_regions), cmocka_unit_test_setup_teardown(test_endpoints, make_home, remove_home), cmocka_unit_test(test_objects),
        cmocka_unit_test(test_lists_asked), cmocka_unit_test(test_json_asked), cmocka_unit_test(test_no_memory), cmocka_unit_test(test_signatures),
        cmocka_unit_test(test_xml), cmocka_unit_test(test_lists), cmocka_unit_test(test_large_list), cmocka_unit_test(test_values), cmocka_unit_test(test_room),
        cmocka_unit_test(test_errors), cmocka_unit_test(test_redirects), cmocka_unit_test(test_sources), cmocka_unit_test(test_endpoint_cases), cmocka_unit_test(test_recordings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
