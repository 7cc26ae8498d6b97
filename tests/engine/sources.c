/* Config from a network: what is asked, how often, what counts in the end, and that nothing that is wrong or missing ever changes what is there. The HTTP client is the
   test's; tests/aws/sources.sh does the same over real sockets. */
#include "script.h"
#include "killed.h"

static script s;
static kit_seen seen;

/* A document that the world has now. */
typedef struct page {
    const char *url;               /* all of it, or, where it ends with *, its front */
    int status;
    const char *body, *etag, *location;
    int fails;                     /* so many times `fail` first; below 0: always */
    int fail;                      /* its status; 0: no reply */
    int asked, conditional;        /* how often, with If-None-Match */
} page;

static page *pages;
static size_t page_count;
static char heads[8192];           /* of all requests, a line each */
static int told, told_result;
static char changed[2048], told_text[512];

#define ANSWER "{\"id\":\"a\",\"object\":\"chat.completion\",\"model\":\"m\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"Hello\"},\"finish_reason\":\"stop\"}]," \
    "\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":4,\"total_tokens\":13}}"
#define PROVIDER "providers: {p: {dialect: openai, base_url: 'https://p.test/v1', auth: none}}\n"

/* Each look takes a moment, so that waits end. */
static uint64_t slow_clock(void *user) {
    return ((script *)user)->w.now += 20000000;
}

static void on_reload(void *user, const llmf_reload_info *info) {
    size_t i;
    (void)user;
    told++;
    told_result = info->result;
    changed[0] = told_text[0] = '\0';
    for (i = 0; i < info->changed_count; i++) {
        if (i) strcat(changed, " ");
        strncat(changed, info->changed[i], 60);
    }
    if (info->error) strcpy(told_text, info->error->text);
    assert_int_equal(info->error ? info->error->code : LLMF_OK, info->result);
}

static bool header_is(const llmf_http_request *req, const char *name, const char *value) {
    size_t i;
    for (i = 0; i < req->header_count; i++)
        if (kit_is(req->headers[i].name, name)) return kit_is(req->headers[i].value, value);
    return false;
}

static script_reply world(script *w, const llmf_http_request *req, int n) {
    script_reply r;
    size_t i, len, at = strlen(heads);
    (void)w, (void)n;
    memset(&r, 0, sizeof r);
    if (at + req->url.len + 8 < sizeof heads) {
        memcpy(heads + at, req->url.ptr, req->url.len);
        strcpy(heads + at + req->url.len, "\n");
    }
    for (i = 0; i < page_count; i++) {
        page *p = &pages[i];
        len = strlen(p->url);
        if (p->url[len - 1] == '*' ? len - 1 > req->url.len || memcmp(p->url, req->url.ptr, len - 1) != 0 : !kit_is(req->url, p->url)) continue;
        p->asked++;
        if (p->fails) {
            if (p->fails > 0) p->fails--;
            r.status = p->fail;
            r.end = p->fail ? LLMF_OK : LLMF_ERR_NETWORK;
            return r;
        }
        if (p->etag && header_is(req, "If-None-Match", p->etag)) {
            p->conditional++;
            r.status = 304;
            return r;
        }
        r.status = p->status;
        r.body = p->body;
        if (p->etag) r.headers[0] = "ETag", r.headers[1] = p->etag;
        if (p->location) r.headers[2 * !!p->etag] = "Location", r.headers[2 * !!p->etag + 1] = p->location;
        return r;
    }
    r.status = 404;
    return r;
}

static llmf_desc desc_of(page *of, size_t count) {
    llmf_desc d = script_desc(&s, world);
    d.clock_ns = slow_clock;
    d.on_reload = on_reload;
    pages = of;
    page_count = count;
    heads[0] = '\0';
    told = 0;
    return d;
}

static llmf_factory *opened(const llmf_desc *d) {
    llmf_error err;
    llmf_factory *f = llmf_open(d, &err);
    if (!f) fail_msg("llmf_open: %s", err.text);
    return f;
}

static void refused(const llmf_desc *d, int code, const char *part) {
    llmf_error err;
    assert_null(llmf_open(d, &err));
    if (err.code != code || !strstr(err.text, part)) fail_msg("%d %s, not %d %s", err.code, err.text, code, part);
    kit_drop(&s.w.log);
}

static void closed(llmf_factory *f) {
    llmf_close(f);
    kit_drop(&s.w.log);
    kit_forget(&seen);
}

static int64_t price_of(llmf_factory *f, const char *name) {
    llmf_model_info info;
    llmf_error err;
    llmf_model m = llmf_get(f, name, &err);
    if (!m.id) fail_msg("%s: %s", name, err.text);
    assert_int_equal(llmf_describe(f, m, &info), LLMF_OK);
    return info.price_input;
}

/* ---- http ---- */

static void from_http(void **state) {
    page of[] = {{"https://c.test/models/fast.yaml", 200, "provider: openai\nmodel_id: m\ninput_token_cost_usd_per_million: 2\n", "\"1\"", NULL, 0, 0, 0, 0}};
    llmf_desc d = desc_of(of, 1);
    llmf_factory *f;
    llmf_error err;
    llmf_model m;
    (void)state;
    d.config = of[0].url;
    f = opened(&d);
    m = llmf_get(f, "fast", NULL);
    assert_int_equal(price_of(f, "fast"), 2000000);
    assert_int_equal(llmf_reload(f, &err), LLMF_OK); /* unchanged: told by its ETag */
    assert_int_equal(of[0].conditional, 1);
    assert_int_equal(told, 1);
    assert_string_equal(changed, "");
    of[0].body = "provider: openai\nmodel_id: m\ninput_token_cost_usd_per_million: 3\n";
    of[0].etag = "\"2\"";
    assert_int_equal(llmf_get_fresh(f, "fast", &err).id, m.id); /* the same handle, with what is new of it */
    assert_int_equal(price_of(f, "fast"), 3000000);
    assert_string_equal(changed, "models.fast");
    closed(f);
}

/* A prompt that changes, a chain that goes, one that comes. */
static void prompts_that_change(void **state) {
    page of[] = {{"https://c.test/a.yaml", 200, "prompts: {hi: 'Hi {{x}}', ho: Ho}\nchains: {one: [{prompt: hi}]}\n", "\"1\"", NULL, 0, 0, 0, 0}};
    llmf_desc d = desc_of(of, 1);
    llmf_factory *f;
    llmf_error err;
    (void)state;
    d.config = of[0].url;
    f = opened(&d);
    of[0].body = "prompts: {hi: 'Hello {{x}}', ho: Ho}\nchains: {two: [{prompt: hi}]}\n";
    of[0].etag = "\"2\"";
    assert_int_equal(llmf_reload(f, &err), LLMF_OK);
    assert_string_equal(changed, "prompts.hi chains.two chains.one");
    closed(f);
}

/* What fails for a moment is asked again; what does not is told, with what to do. */
static void from_http_in_trouble(void **state) {
    static const struct { page of; int code; const char *part; } rows[] = {
        {{"https://c.test/a.yaml", 200, "provider: openai\nmodel_id: m\n", NULL, NULL, 3, 503, 0, 0}, LLMF_OK, ""},
        {{"https://c.test/a.yaml", 200, "provider: openai\nmodel_id: m\n", NULL, NULL, 3, 0, 0, 0}, LLMF_OK, ""},
        {{"https://c.test/a.yaml", 200, "", NULL, NULL, -1, 503, 0, 0}, LLMF_ERR_SERVER, "https://c.test/a.yaml: the server answers with status 503"},
        {{"https://c.test/a.yaml", 200, "", NULL, NULL, -1, 0, 0, 0}, LLMF_ERR_NETWORK, "https://c.test/a.yaml"},
        {{"https://c.test/a.yaml", 404, "", NULL, NULL, 0, 0, 0, 0}, LLMF_ERR_NOT_FOUND, "is its address right?"},
        {{"https://c.test/a.yaml", 403, "", NULL, NULL, 0, 0, 0, 0}, LLMF_ERR_PERMISSION, "llmf_desc.source"},
        {{"https://c.test/a.yaml", 204, "", NULL, NULL, 0, 0, 0, 0}, LLMF_ERR_PROTOCOL, "204"},
        {{"https://c.test/a.yaml", 302, "", NULL, "http://d.test/b.yaml", 0, 0, 0, 0}, LLMF_ERR_PROTOCOL, "from https to http"},
        {{"https://c.test/a.yaml", 302, "", NULL, "/a.yaml", 0, 0, 0, 0}, LLMF_ERR_PROTOCOL, "too often"},
        {{"https://c.test/a.yaml", 302, "", NULL, "ftp:x", 0, 0, 0, 0}, LLMF_ERR_PROTOCOL, "no URL"},
        {{"https://c.test/a.yaml", 302, "", NULL, NULL, 0, 0, 0, 0}, LLMF_ERR_PROTOCOL, "nowhere"},
        {{"https://c.test/a.yaml", 200, "provider: openai\nmodel: m\n", NULL, NULL, 0, 0, 0, 0}, LLMF_ERR_CONFIG, "https://c.test/a.yaml:2:1: error"},
    };
    size_t i;
    (void)state;
    for (i = 0; i < sizeof rows / sizeof *rows; i++) {
        page of = rows[i].of;
        llmf_desc d = desc_of(&of, 1);
        d.config = of.url;
        if (rows[i].code != LLMF_OK) {
            refused(&d, rows[i].code, rows[i].part);
        } else {
            llmf_factory *f = opened(&d);
            assert_int_equal(of.asked, 4);
            assert_true(llmf_get(f, "a", NULL).id != 0);
            closed(f);
        }
    }
}

static void redirected(void **state) {
    page of[] = {{"https://c.test/a.yaml?v=1", 302, "", NULL, "/b/c.yaml", 0, 0, 0, 0}, {"https://c.test/b/c.yaml", 307, "", NULL, "https://d.test:444/x", 0, 0, 0, 0},
                 {"https://d.test:444/x", 200, "provider: openai\nmodel_id: m\n", NULL, NULL, 0, 0, 0, 0}};
    llmf_desc d = desc_of(of, 3);
    llmf_factory *f;
    (void)state;
    d.config = of[0].url;
    f = opened(&d);
    assert_true(llmf_get(f, "a", NULL).id != 0); /* by the name that was asked for */
    closed(f);
}

/* Later over earlier, wherever each comes from; what is a directory to the operator stays in its place. */
static void in_their_order(void **state) {
    page of[] = {{"https://c.test/1.yaml", 200, "models: {a: {provider: openai, model_id: one}, b: {provider: openai, model_id: one}, c: {provider: openai, model_id: one}}", NULL, NULL, 0, 0, 0, 0},
                 {"https://c.test/3.json", 200, "{\"models\": {\"c\": {\"model_id\": \"three\"}}}", NULL, NULL, 0, 0, 0, 0}};
    static const char *const configs[] = {"text:models: {b: {model_id: two}, c: {model_id: two}}", "https://c.test/3.json", "env:MINE"};
    static const char *const env[] = {"MINE", "models: {d: {provider: openai, model_id: four}}", NULL};
    static const struct { const char *name, *id; } rows[] = {{"a", "one"}, {"b", "two"}, {"c", "three"}, {"d", "four"}};
    llmf_desc d = desc_of(of, 2);
    llmf_model_info info;
    llmf_factory *f;
    size_t i;
    (void)state;
    d.config = of[0].url;
    d.configs = configs;
    d.config_count = 3;
    s.w.env = env;
    f = opened(&d);
    for (i = 0; i < 4; i++) {
        assert_int_equal(llmf_describe(f, llmf_get(f, rows[i].name, NULL), &info), LLMF_OK);
        assert_true(kit_is(info.model_id, rows[i].id));
    }
    closed(f);
}

/* ---- a hook ---- */

static int hook_later, hook_result;
static const char *hook_text;

static int hook(void *user, const char *uri, llmf_documents *into) {
    (void)user;
    assert_string_equal(uri, "vault:kv/models");
    if (hook_later > 0) return hook_later--, 0;
    if (hook_result < 0) return hook_result;
    assert_int_equal(llmf_document_add(into, "fast.yaml", kit_str(hook_text)), LLMF_OK);
    assert_int_equal(llmf_document_add(into, "slow.json", kit_str("{\"provider\": \"openai\", \"model_id\": \"m\"}")), LLMF_OK);
    return 1;
}

static void from_a_hook(void **state) {
    llmf_desc d = desc_of(NULL, 0);
    llmf_factory *f;
    llmf_error err;
    (void)state;
    d.config = "vault:kv/models";
    hook_later = 3;
    hook_result = 0;
    hook_text = "provider: openai\nmodel_id: m\n";
    refused(&d, LLMF_ERR_CONFIG, "llmf_desc.source");
    d.source = hook;
    f = opened(&d);
    assert_true(llmf_get(f, "fast", NULL).id && llmf_get(f, "slow", NULL).id);
    hook_text = "provider: openai\nmodel_id: m\ntemperature: 9\n"; /* the new one is wrong: the old one stays */
    assert_int_equal(llmf_reload(f, &err), LLMF_ERR_CONFIG);
    assert_non_null(strstr(err.text, "fast.yaml:3:"));
    assert_int_equal(told_result, LLMF_ERR_CONFIG);
    assert_true(llmf_get(f, "fast", NULL).id != 0);
    hook_result = -LLMF_ERR_PERMISSION;
    assert_int_equal(llmf_reload(f, &err), LLMF_ERR_PERMISSION);
    assert_true(llmf_get(f, "slow", NULL).id != 0);
    closed(f);
    hook_result = 0;
}

/* A hook that never has it, a list that never ends: each ends. */
static void what_never_ends(void **state) {
    static const char *const env[] = {"AWS_REGION", "eu-west-1", "AWS_ACCESS_KEY_ID", "AKIAID", "AWS_SECRET_ACCESS_KEY", "canary-77", NULL};
    static char body[3000];
    page of[] = {{"https://bucket.s3.eu-west-1.amazonaws.com/*", 200,
                  "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken></ListBucketResult>", NULL, NULL, 0, 0, 0, 0}};
    llmf_desc d = desc_of(NULL, 0);
    (void)state;
    d.config = "vault:kv/models";
    d.source = hook;
    hook_later = 1000000;
    refused(&d, LLMF_ERR_TIMEOUT, "within 30 seconds");
    hook_later = 0;
    d = desc_of(of, 1);
    d.clock_ns = kit_clock;
    d.config = "s3://bucket/models";
    s.w.env = env;
    refused(&d, LLMF_ERR_LIMIT, "lists more objects");
    assert_in_range(of[0].asked, 100, 2000);
    strcpy(body, "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>");
    memset(body + strlen(body), 'k', 1100);
    strcat(body, ".yaml</Key></Contents></ListBucketResult>");
    of[0].body = body;
    d = desc_of(of, 1);
    d.config = "s3://bucket/models";
    s.w.env = env;
    refused(&d, LLMF_ERR_PROTOCOL, "longer than a key can be");
}

static char checked[600];

static void keep_checked(void *user, const llmf_error *err) {
    (void)user;
    strncat(checked, err->text, 500);
}

/* What a check cannot look at is told; what comes unencrypted too, but from this machine. */
static void what_is_said_of_sources(void **state) {
    page of[] = {{"http://c.test/a.yaml", 200, "provider: openai\nmodel_id: m\n", NULL, NULL, 0, 0, 0, 0}, {"http://127.0.0.1:99/a.yaml", 200, "provider: openai\nmodel_id: m\n", NULL, NULL, 0, 0, 0, 0}};
    llmf_desc d = desc_of(of, 2);
    size_t i;
    (void)state;
    d.config = "s3://bucket/models";
    checked[0] = '\0';
    assert_int_equal(llmf_check(&d, keep_checked, NULL), 1);
    assert_non_null(strstr(checked, "s3://bucket/models: error: was not looked at"));
    kit_drop(&s.w.log);
    for (i = 0; i < 2; i++) {
        llmf_factory *f;
        d = desc_of(of, 2);
        d.config = of[i].url;
        f = opened(&d);
        assert_int_equal(strstr(kit_cstr(&s.w.log), "comes unencrypted") != NULL, i == 0);
        closed(f);
    }
}

/* ---- AWS ---- */

static const char *const aws_env[] = {"AWS_REGION", "eu-west-1", "AWS_ACCESS_KEY_ID", "AKIAID", "AWS_SECRET_ACCESS_KEY", "canary-77", NULL};
#define LIST(rest) "<?xml version=\"1.0\"?><ListBucketResult>" rest "</ListBucketResult>"
#define KEY(name) "<Contents><Key>" name "</Key><ETag>&quot;e&quot;</ETag></Contents>"
#define MODEL "provider: openai\nmodel_id: m\n"

static void from_s3(void **state) {
    page of[] = {{"https://bucket.s3.eu-west-1.amazonaws.com/?list-type=2&prefix=models%2F", 200,
                  LIST("<IsTruncated>true</IsTruncated><NextContinuationToken>a+b/=</NextContinuationToken>" KEY("models/a.yaml") KEY("models/.hidden.yaml") KEY("models/notes.txt")), NULL, NULL, 1, 503, 0, 0},
                 {"https://bucket.s3.eu-west-1.amazonaws.com/?list-type=2&continuation-token=a%2Bb%2F%3D&prefix=models%2F", 200,
                  LIST("<IsTruncated>false</IsTruncated>" KEY("models/x &amp; y/b.json")), NULL, NULL, 0, 0, 0, 0},
                 {"https://bucket.s3.eu-west-1.amazonaws.com/models/a.yaml", 200, MODEL, "\"ea\"", NULL, 0, 0, 0, 0},
                 {"https://bucket.s3.eu-west-1.amazonaws.com/models/x%20%26%20y/b.json", 200, "{\"provider\": \"openai\", \"model_id\": \"m\"}", "\"eb\"", NULL, 0, 0, 0, 0}};
    llmf_desc d = desc_of(of, 4);
    llmf_factory *f;
    llmf_error err;
    (void)state;
    d.config = "s3://bucket/models";
    s.w.env = aws_env;
    f = opened(&d);
    assert_true(llmf_get(f, "a", NULL).id && llmf_get(f, "b", NULL).id);
    assert_null(strstr(heads, "hidden"));
    assert_null(strstr(heads, "notes"));
    of[2].etag = "\"ea2\"";
    of[2].body = MODEL "temperature: 1\n";
    assert_int_equal(llmf_reload(f, &err), LLMF_OK);
    assert_int_equal(of[3].conditional, 1);
    assert_string_equal(changed, "models.a");
    of[3].status = 403; /* no longer allowed: all stays */
    of[3].etag = NULL;
    of[3].body = "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>";
    assert_int_equal(llmf_reload(f, &err), LLMF_ERR_PERMISSION);
    assert_non_null(strstr(err.text, "s3://bucket/models/x & y/b.json"));
    assert_true(llmf_get(f, "a", NULL).id && llmf_get(f, "b", NULL).id);
    assert_null(strstr(kit_cstr(&s.w.log), "canary-77"));
    closed(f);
}

/* A wrong region is mended once; a bucket that sends in circles is told. */
static void another_region(void **state) {
    page of[] = {{"https://bucket.s3.eu-west-1.amazonaws.com/a.yaml", 301, "<Error><Code>PermanentRedirect</Code><Region>us-east-2</Region></Error>", NULL, NULL, 0, 0, 0, 0},
                 {"https://bucket.s3.us-east-2.amazonaws.com/a.yaml", 200, MODEL, NULL, NULL, 0, 0, 0, 0}};
    llmf_desc d = desc_of(of, 2);
    llmf_factory *f;
    (void)state;
    d.config = "s3://bucket/a.yaml";
    s.w.env = aws_env;
    f = opened(&d);
    assert_true(llmf_get(f, "a", NULL).id != 0);
    closed(f);
    of[1].status = 301;
    of[1].body = "<Error><Code>PermanentRedirect</Code><Region>eu-west-1</Region></Error>";
    d = desc_of(of, 2);
    d.config = "s3://bucket/a.yaml";
    s.w.env = aws_env;
    {
        llmf_error err;
        assert_null(llmf_open(&d, &err));
        assert_non_null(strstr(err.text, "s3://bucket/a.yaml"));
        kit_drop(&s.w.log);
    }
}

static script_reply parameters(script *w, const llmf_http_request *req, int n) {
    script_reply r;
    memset(&r, 0, sizeof r);
    if (!strstr(s.url, "ssm.eu-west-1")) return world(w, req, n);
    r.status = 200;
    if (strstr(s.body, "/mine")) r.body = "{\"Parameter\":{\"Name\":\"/mine\",\"Type\":\"String\",\"Value\":\"s3://bucket/models/\"}}";
    else if (strstr(s.body, "/flat")) r.body = "{\"Parameter\":{\"Name\":\"/flat\",\"Type\":\"String\",\"Value\":\"provider: openai\\nmodel_id: m\\n\"}}";
    else r.status = 400, r.body = "{\"__type\":\"ParameterNotFound\"}";
    return r;
}

static void from_parameters(void **state) {
    page of[] = {{"https://bucket.s3.eu-west-1.amazonaws.com/?list-type=2&prefix=models%2F", 200, LIST("<IsTruncated>false</IsTruncated>" KEY("models/a.yaml")), NULL, NULL, 0, 0, 0, 0},
                 {"https://bucket.s3.eu-west-1.amazonaws.com/models/a.yaml", 200, MODEL, NULL, NULL, 0, 0, 0, 0}};
    static const char *const named[] = {"AWS_REGION", "eu-west-1", "AWS_ACCESS_KEY_ID", "AKIAID", "AWS_SECRET_ACCESS_KEY", "canary-77", "SSM_MODELS_PATH_PARAMETER", "/mine", NULL};
    static const char *const configs[] = {"ssm:/flat"};
    llmf_desc d = desc_of(of, 2);
    llmf_factory *f;
    (void)state;
    s.answer = parameters;
    s.w.env = named;
    d.config = "ssm:";               /* the providers' parameter does not exist, and has its usual name: nothing is missing */
    d.configs = configs;
    d.config_count = 1;
    f = opened(&d);
    assert_true(llmf_get(f, "a", NULL).id && llmf_get(f, "flat", NULL).id);
    closed(f);
    d = desc_of(of, 2);
    s.answer = parameters;
    s.w.env = aws_env;
    d.config = "ssm:";
    refused(&d, LLMF_ERR_NOT_FOUND, "/LLM_CONFIG/MODELS_CONFIG_S3_PATH");
    d = desc_of(of, 2);
    d.config = "ssm:/mine";
    d.no_env = true;
    refused(&d, LLMF_ERR_CONFIG, "region");
}

/* On an instance the keys must be asked for first; one asking serves all that is wanted. */
static void with_keys_of_an_instance(void **state) {
    page of[] = {{"http://169.254.169.254/latest/api/token", 200, "a-token", NULL, NULL, 0, 0, 0, 0},
                 {"http://169.254.169.254/latest/meta-data/iam/security-credentials/", 200, "role", NULL, NULL, 0, 0, 0, 0},
                 {"http://169.254.169.254/latest/meta-data/iam/security-credentials/role", 200,
                  "{\"Code\":\"Success\",\"AccessKeyId\":\"ASIA\",\"SecretAccessKey\":\"canary-77\",\"Token\":\"t\",\"Expiration\":\"2033-05-18T06:33:20Z\"}", NULL, NULL, 0, 0, 0, 0},
                 {"https://bucket.s3.eu-west-1.amazonaws.com/a.yaml", 200, MODEL, NULL, NULL, 0, 0, 0, 0},
                 {"https://bucket.s3.eu-west-1.amazonaws.com/b.yaml", 200, MODEL, NULL, NULL, 0, 0, 0, 0}};
    static const char *const env[] = {"AWS_REGION", "eu-west-1", NULL};
    static const char *const configs[] = {"s3://bucket/b.yaml"};
    llmf_desc d = desc_of(of, 5);
    llmf_factory *f;
    (void)state;
    s.w.env = env;
    d.config = "s3://bucket/a.yaml";
    d.configs = configs;
    d.config_count = 1;
    f = opened(&d);
    assert_true(llmf_get(f, "a", NULL).id && llmf_get(f, "b", NULL).id);
    assert_int_equal(of[0].asked, 1);
    closed(f);
    of[1].status = 404;
    d = desc_of(of, 5);
    s.w.env = env;
    d.config = "s3://bucket/a.yaml";
    refused(&d, LLMF_ERR_AUTH, "AWS_ACCESS_KEY_ID");
}

/* ---- the copy ---- */

static const char *copy_path(void) {
    static char path[64];
    snprintf(path, sizeof path, "build/sources-%ld.copy", (long)getpid());
    return path;
}

static void the_last_good_copy(void **state) {
    page of[] = {{"https://c.test/a.yaml", 200, MODEL, "\"1\"", NULL, 0, 0, 0, 0}, {"https://d.test/b.yaml", 200, MODEL, NULL, NULL, 0, 0, 0, 0}};
    static const char *const configs[] = {"https://d.test/b.yaml"};
    llmf_desc d = desc_of(of, 2);
    llmf_factory *f;
    FILE *file;
    int c;
    (void)state;
    remove(copy_path());
    d.config = of[0].url;
    d.configs = configs;
    d.config_count = 1;
    d.config_copy = copy_path();
    d.log_level = LLMF_LOG_WARNING;
    closed(opened(&d));
    of[0].fails = -1; /* cannot be reached any more; the other one can, and has changed */
    of[1].body = MODEL "temperature: 1\n";
    s.w.now += UINT64_C(7200000000000);
    f = opened(&d);
    assert_true(llmf_get(f, "a", NULL).id && llmf_get(f, "b", NULL).id);
    assert_non_null(strstr(kit_cstr(&s.w.log), "using the copy of 2 hours ago: https://c.test/a.yaml"));
    { /* a reload that cannot reach it is no reload: what is there is as good as the copy */
        llmf_error err;
        assert_int_equal(llmf_reload(f, &err), LLMF_ERR_NETWORK);
        assert_true(llmf_get(f, "a", NULL).id != 0);
    }
    closed(f);
    file = fopen(copy_path(), "r+b"); /* one bit turned: as if it were not there */
    assert_non_null(file);
    assert_int_equal(fseek(file, 60, SEEK_SET), 0);
    c = fgetc(file);
    assert_int_equal(fseek(file, 60, SEEK_SET), 0);
    fputc(c ^ 1, file);
    fclose(file);
    refused(&d, LLMF_ERR_NETWORK, "https://c.test/a.yaml");
    remove(copy_path());
    refused(&d, LLMF_ERR_NETWORK, "https://c.test/a.yaml");
    of[0].fails = 0;
    d.config_copy = "build/no-such-directory/x"; /* cannot be written: a warning, no more */
    f = opened(&d);
    assert_non_null(strstr(kit_cstr(&s.w.log), "cannot be written"));
    closed(f);
}

static llmf_desc copying;

/* Opens with the new config, which writes the copy. */
static int copy_once(void) {
    llmf_error err;
    return llmf_open(&copying, &err) ? 0 : 1;
}

/* Killed at each system call while the copy is written: the old one is there, or the new one, never a broken one. */
static void copy_killed_at_each_call(void **state) {
    page of[] = {{"https://c.test/a.yaml", 200, NULL, NULL, NULL, 0, 0, 0, 0}};
    int i, olds = 0, news = 0;
    bool done = false;
    (void)state;
    for (i = 1; i < 200 && !done; i++) {
        llmf_factory *f;
        copying = desc_of(of, 1);
        copying.config = of[0].url;
        copying.config_copy = copy_path();
        copying.log = NULL;
        of[0].fails = 0;
        of[0].body = MODEL "input_token_cost_usd_per_million: 1\n";
        closed(opened(&copying));
        of[0].body = MODEL "input_token_cost_usd_per_million: 2\n";
        done = killed_behind(copy_once, i);
        of[0].fails = -1;
        f = opened(&copying); /* from the copy alone */
        assert_true(price_of(f, "a") == 1000000 || price_of(f, "a") == 2000000);
        if (price_of(f, "a") == 1000000) olds++;
        else news++;
        closed(f);
    }
    assert_true(done);
    assert_true(olds >= 8 && news >= 2);
    remove(copy_path());
}

/* ---- the watch ---- */

static void watch_for(llmf_factory *f, int64_t ms) {
    uint64_t until = s.w.now + (uint64_t)ms * 1000000u;
    while (s.w.now < until) {
        llmf_poll(f, 0);
        s.w.now += 20000000;
    }
}

static void watched(void **state) {
    page of[] = {{"https://c.test/a.yaml", 200, MODEL, "\"1\"", NULL, 0, 0, 0, 0}};
    llmf_desc d = desc_of(of, 1);
    llmf_factory *f;
    (void)state;
    d.config = of[0].url;
    d.watch_ms = 1000;
    f = opened(&d);
    watch_for(f, 5000);
    assert_in_range(of[0].conditional, 3, 6);
    assert_int_equal(told, 0); /* nothing new, nothing said */
    of[0].etag = "\"2\"";
    of[0].body = MODEL "input_token_cost_usd_per_million: 7\n";
    watch_for(f, 2500);
    assert_int_equal(told, 1);
    assert_string_equal(changed, "models.a");
    assert_int_equal(price_of(f, "a"), 7000000);
    of[0].etag = "\"3\"";
    of[0].body = MODEL "max_tokens: none\n"; /* wrong: told once, changes nothing */
    watch_for(f, 6000);
    assert_int_equal(told, 2);
    assert_int_equal(told_result, LLMF_ERR_CONFIG);
    assert_non_null(strstr(told_text, "https://c.test/a.yaml:3:"));
    assert_int_equal(price_of(f, "a"), 7000000);
    of[0].fails = -1; /* away: told once */
    watch_for(f, 20000);
    assert_int_equal(told, 3);
    assert_int_equal(told_result, LLMF_ERR_NETWORK);
    of[0].fails = 0; /* and back, mended */
    of[0].etag = "\"4\"";
    of[0].body = MODEL;
    watch_for(f, 6000);
    assert_int_equal(told, 4);
    assert_int_equal(told_result, LLMF_OK);
    closed(f);
}

static void write_file(const char *path, const char *text) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void watched_files(void **state) {
    llmf_desc d = desc_of(NULL, 0);
    char path[64];
    llmf_factory *f;
    (void)state;
    snprintf(path, sizeof path, "build/sources-%ld.yaml", (long)getpid());
    write_file(path, "models: {a: {provider: openai, model_id: m}}\n");
    d.config = path;
    d.watch_ms = 1000;
    f = opened(&d);
    watch_for(f, 3000);
    assert_int_equal(told, 0);
    write_file(path, "models: {a: {provider: openai, model_id: m}, b: {provider: openai, model_id: longer}}\n");
    watch_for(f, 3000);
    assert_int_equal(told, 1);
    assert_string_equal(changed, "models.b");
    write_file(path, "models: {a: [}\n");
    watch_for(f, 5000);
    assert_int_equal(told, 2);
    assert_int_equal(told_result, LLMF_ERR_CONFIG);
    assert_true(llmf_get(f, "b", NULL).id != 0);
    remove(path);
    watch_for(f, 5000);
    assert_int_equal(told, 3);
    assert_true(llmf_get(f, "b", NULL).id != 0);
    closed(f);
}

/* ---- reloading while there is work ---- */

static script_reply streams(script *w, const llmf_http_request *req, int n) {
    script_reply r;
    if (!strstr(s.url, "p.test")) return world(w, req, n);
    memset(&r, 0, sizeof r);
    r.status = 200;
    r.piece_ms = 10;
    r.body = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"b\"}}]}\n\n"
             "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"c\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    return r;
}

/* A hundred streams end as they began, with the config that they began with; new calls have the new one. */
static void nothing_is_lost(void **state) {
    enum { STREAMS = 100 };
    page of[] = {{"https://c.test/all.yaml", 200, PROVIDER "models: {a: {provider: p, model_id: old, input_token_cost_usd_per_million: 1}}\n", "\"1\"", NULL, 0, 0, 0, 0}};
    llmf_desc d = desc_of(of, 1);
    llmf_request req = kit_request(true);
    llmf_call calls[STREAMS];
    llmf_factory *f;
    llmf_event ev;
    llmf_error err;
    int i, done = 0, texts = 0, rounds;
    (void)state;
    s.answer = streams;
    d.clock_ns = kit_clock;
    d.config = of[0].url;
    d.max_calls = STREAMS;
    d.memory_size = 32u << 20;
    f = opened(&d);
    for (i = 0; i < STREAMS; i++) calls[i] = llmf_start(f, llmf_get(f, "a", &err), &req);
    for (rounds = 0; done < STREAMS && rounds < 100000; rounds++) {
        if (rounds == 4 || rounds == 8) {
            of[0].etag = rounds == 4 ? "\"2\"" : "\"3\"";
            of[0].body = rounds == 4 ? PROVIDER "models: {a: {provider: p, model_id: new, input_token_cost_usd_per_million: 2}}\n" : PROVIDER "models: {b: {provider: p, model_id: new}}\n";
            assert_int_equal(rounds == 4 ? llmf_reload(f, &err) : llmf_reload_start(f, &err), LLMF_OK);
            if (rounds == 4) assert_int_equal(price_of(f, "a"), 2000000);
        }
        llmf_poll(f, 0);
        s.w.now += 1000000;
        for (i = 0; i < STREAMS; i++)
            while (llmf_next(f, calls[i], &ev)) {
                if (ev.type == LLMF_EVENT_TEXT) texts += (int)ev.text.len;
                if (ev.type == LLMF_EVENT_ERROR) fail_msg("%s", ev.response->error.text);
                if (ev.type != LLMF_EVENT_DONE) continue;
                done++;
                assert_true(kit_is(ev.response->text, "abc"));
            }
    }
    assert_int_equal(done, STREAMS);
    assert_int_equal(texts, 3 * STREAMS);
    assert_int_equal(told, 2);
    assert_string_equal(changed, "models.b models.a");
    assert_int_equal(llmf_get(f, "a", &err).id, 0); /* it is no more */
    assert_int_equal(err.code, LLMF_ERR_UNKNOWN_MODEL);
    for (i = 0; i < STREAMS; i++) llmf_free(f, calls[i]);
    closed(f);
}

/* Memory refused at each request in turn: the old config stays, and nothing is lost of the block. */
static void no_memory(void **state) {
    page of[] = {{"https://bucket.s3.eu-west-1.amazonaws.com/?list-type=2&prefix=models%2F", 200, LIST("<IsTruncated>false</IsTruncated>" KEY("models/a.yaml") KEY("models/b.yaml")), NULL, NULL, 0, 0, 0, 0},
                 {"https://bucket.s3.eu-west-1.amazonaws.com/models/*", 200, MODEL, NULL, NULL, 0, 0, 0, 0}, {"https://c.test/x.yaml", 200, MODEL, "\"1\"", NULL, 0, 0, 0, 0}};
    static const char *const configs[] = {"https://c.test/x.yaml"};
    llmf_desc d = desc_of(of, 3);
    llmf_memory_info before, after;
    llmf_factory *f;
    llmf_error err;
    uint64_t n;
    int got = LLMF_ERR_MEMORY, good = 0;
    (void)state;
    s.w.env = aws_env;
    d.config = "s3://bucket/models";
    d.configs = configs;
    d.config_count = 1;
    d.log_level = LLMF_LOG_ERROR;
    f = opened(&d);
    assert_int_equal(llmf_reload(f, &err), LLMF_OK);
    assert_true(llmf_get(f, "a", NULL).id && llmf_get(f, "x", NULL).id);
    assert_int_equal(llmf_reload(f, &err), LLMF_OK);
    llmf_memory(f, &before);
    for (n = 1; n < 500 && good < 3; n++) {
        llmf_fail_memory(f, n, n % 2 == 0);
        got = llmf_reload(f, &err);
        llmf_fail_memory(f, 0, false);
        good = got == LLMF_OK ? good + 1 : 0;
        if (got != LLMF_OK && got != LLMF_ERR_MEMORY) fail_msg("%d: %d %s", (int)n, got, err.text);
        assert_int_equal(llmf_reload(f, &err), LLMF_OK);
        assert_true(llmf_get(f, "a", NULL).id && llmf_get(f, "x", NULL).id);
        assert_int_equal(llmf_reload(f, &err), LLMF_OK);
        llmf_memory(f, &after);
        assert_int_equal(after.used, before.used);
    }
    assert_int_equal(good, 3);
    assert_true(n > 20);
    closed(f);
}

static llmf_factory *closing;

static void closes(void *user, const llmf_reload_info *info) {
    (void)user, (void)info;
    told++;
    llmf_close(closing);
}

/* Closed in the middle, closed inside the hook, started twice, and inside of callbacks. */
static void ended_in_between(void **state) {
    page of[] = {{"https://c.test/a.yaml", 200, MODEL, "\"1\"", NULL, 0, 0, 0, 0}};
    llmf_desc d = desc_of(of, 1);
    llmf_error err;
    llmf_factory *f;
    (void)state;
    d.config = of[0].url;
    f = opened(&d);
    assert_int_equal(llmf_reload_start(f, &err), LLMF_OK);
    llmf_poll(f, 0);
    closed(f);
    told = 0;
    f = opened(&d);
    assert_int_equal(llmf_reload_start(f, &err), LLMF_OK);
    assert_int_equal(llmf_reload_start(f, &err), LLMF_OK);
    watch_for(f, 1000);
    assert_int_equal(told, 1);
    closed(f);
    d.on_reload = closes;
    told = 0;
    closing = opened(&d);
    assert_int_equal(llmf_reload(closing, &err), LLMF_ERR_STALE);
    assert_int_equal(told, 1);
    closing = NULL;
    kit_drop(&s.w.log);
    assert_int_equal(llmf_reload_start(NULL, &err), LLMF_ERR_ARGUMENT);
    assert_int_equal(llmf_document_add(NULL, "x", kit_str("")), LLMF_ERR_ARGUMENT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(from_http), cmocka_unit_test(prompts_that_change), cmocka_unit_test(from_http_in_trouble), cmocka_unit_test(redirected), cmocka_unit_test(in_their_order), cmocka_unit_test(from_a_hook),
        cmocka_unit_test(what_never_ends), cmocka_unit_test(what_is_said_of_sources), cmocka_unit_test(from_s3), cmocka_unit_test(another_region), cmocka_unit_test(from_parameters), cmocka_unit_test(with_keys_of_an_instance),
        cmocka_unit_test(the_last_good_copy), cmocka_unit_test(copy_killed_at_each_call), cmocka_unit_test(watched), cmocka_unit_test(watched_files), cmocka_unit_test(nothing_is_lost), cmocka_unit_test(no_memory),
        cmocka_unit_test(ended_in_between),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
