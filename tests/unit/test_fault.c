#include "reply_log.h"

static llmf_str s(const char *text) {
    return llmfi_cstr(text);
}

/* ---- RULES 29, row by row: which of what an error says decides ---- */

typedef struct fault_case {
    int status;
    const char *amzn, *body;
    int code;
    const char *word, *message;
} fault_case;

static const fault_case bodies[] = {
    /* a: the key, by the message, below 500 and not 429 */
    { 400, "", "{\"code\":\"bad\",\"error\":\"Incorrect API key provided: ab***yz\"}", LLMF_ERR_AUTH, "bad", "Incorrect API key provided: ab***yz" },
    { 403, "", "{\"error\":{\"code\":403,\"message\":\"Method needs unregistered callers to leave\",\"status\":\"PERMISSION_DENIED\"}}", LLMF_ERR_AUTH, "PERMISSION_DENIED",
      "Method needs unregistered callers to leave" },
    { 429, "", "{\"message\":\"invalid api key, too often\"}", LLMF_ERR_RATE_LIMIT, "", "invalid api key, too often" },
    { 500, "", "{\"message\":\"invalid api key lookup failed\"}", LLMF_ERR_SERVER, "", "invalid api key lookup failed" },
    { 401, "", "{\"detail\":\"Invalid API Key\"}", LLMF_ERR_AUTH, "", "Invalid API Key" },
    /* b: the prompt is too long, where the status says bad request */
    { 400, "", "{\"error\":{\"message\":\"This model's Maximum Context Length is 9\",\"type\":\"invalid_request_error\",\"code\":null}}", LLMF_ERR_CONTEXT_LENGTH,
      "invalid_request_error", "This model's Maximum Context Length is 9" },
    { 413, "", "{\"error\":{\"type\":\"x\",\"message\":\"prompt is too long\"}}", LLMF_ERR_CONTEXT_LENGTH, "x", "prompt is too long" },
    { 429, "", "{\"error\":{\"message\":\"context window full\"}}", LLMF_ERR_RATE_LIMIT, "", "context window full" },
    { 500, "", "{\"error\":{\"message\":\"context window full\"}}", LLMF_ERR_SERVER, "", "context window full" },
    /* c: words, in the order of their places */
    { 400, "", "{\"error\":{\"code\":\"context_length_exceeded\",\"message\":\"m\"}}", LLMF_ERR_CONTEXT_LENGTH, "context_length_exceeded", "m" },
    { 429, "", "{\"error\":{\"type\":\"insufficient_quota\",\"code\":\"insufficient_quota\",\"message\":\"m\"}}", LLMF_ERR_QUOTA, "insufficient_quota", "m" },
    { 429, "", "{\"error\":{\"type\":\"tokens\",\"code\":\"rate_limit_exceeded\",\"message\":\"m\"}}", LLMF_ERR_RATE_LIMIT, "rate_limit_exceeded", "m" },
    { 400, "", "{\"error\":{\"type\":\"invalid_request_error\",\"code\":\"model_not_found\",\"message\":\"m\"}}", LLMF_ERR_NOT_FOUND, "model_not_found", "m" },
    { 413, "", "{\"error\":{\"type\":\"tokens\",\"code\":\"rate_limit_exceeded\",\"message\":\"m\"}}", LLMF_ERR_RATE_LIMIT, "rate_limit_exceeded", "m" },
    { 529, "", "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"m\"},\"request_id\":\"r\"}", LLMF_ERR_OVERLOADED, "overloaded_error", "m" },
    { 404, "", "{\"error\":{\"type\":\"not_found_error\",\"message\":\"m\"},\"type\":\"error\"}", LLMF_ERR_NOT_FOUND, "not_found_error", "m" },
    { 400, "", "{\"error\":{\"code\":400,\"message\":\"m\",\"status\":\"INVALID_ARGUMENT\",\"details\":[{\"@type\":\"t\"},{\"reason\":\"API_KEY_INVALID\"}]}}", LLMF_ERR_AUTH,
      "API_KEY_INVALID", "m" },
    { 429, "", "[{\"error\":{\"code\":429,\"message\":\"You exceeded your current quota\",\"status\":\"RESOURCE_EXHAUSTED\"}}]", LLMF_ERR_RATE_LIMIT, "RESOURCE_EXHAUSTED",
      "You exceeded your current quota" },
    { 400, "", "{\"error\":{\"message\":\"m\",\"code\":\"odd\",\"innererror\":{\"code\":\"ResponsibleAIPolicyViolation\",\"content_filter_result\":{\"code\":\"x\"}}}}",
      LLMF_ERR_CONTENT_FILTER, "ResponsibleAIPolicyViolation", "m" },
    { 400, "ThrottlingException:http://internal/", "{\"message\":\"m\"}", LLMF_ERR_RATE_LIMIT, "ThrottlingException", "m" },
    { 400, "ns#AccessDeniedException", "{\"Message\":\"m\"}", LLMF_ERR_PERMISSION, "AccessDeniedException", "m" },
    { 400, "", "{\"__type\":\"com.aws#ParameterNotFound\"}", LLMF_ERR_NOT_FOUND, "ParameterNotFound", "" },
    { 400, "", "{\"id\":\"i\",\"message\":\"m\",\"error_type\":\"TOO_MANY_TOKENS\"}", LLMF_ERR_CONTEXT_LENGTH, "TOO_MANY_TOKENS", "m" },
    { 403, "", "<?xml version=\"1.0\"?>\n<Error><Code>SignatureDoesNotMatch</Code><Message>a &lt;b&gt; &amp;\n c</Message><AWSAccessKeyId>AKIA</AWSAccessKeyId></Error>",
      LLMF_ERR_AUTH, "SignatureDoesNotMatch", "a <b> & c" },
    { 404, "", "<Error><Code>NoSuchKey</Code><Message>m</Message></Error>", LLMF_ERR_NOT_FOUND, "NoSuchKey", "m" },
    { 503, "", "<Error><Code>SlowDown</Code></Error>", LLMF_ERR_RATE_LIMIT, "SlowDown", "" },
    /* d */
    { 400, "ValidationException", "{\"message\":\"The provided model identifier is invalid.\"}", LLMF_ERR_NOT_FOUND, "ValidationException", "The provided model identifier is invalid." },
    /* e: the status */
    { 400, "", "{\"error\":\"text\"}", LLMF_ERR_BAD_REQUEST, "", "text" },
    { 422, "", "{\"detail\":[{\"type\":\"extra_forbidden\",\"msg\":\"not permitted\",\"loc\":[\"body\",\"x\",0]},{\"loc\":[\"body\"],\"msg\":\"bad\"},\"also\"]}", LLMF_ERR_BAD_REQUEST,
      "", "body.x.0: not permitted; body: bad; also" },
    { 402, "", "{\"error\":{\"message\":\"Insufficient Balance\",\"code\":402}}", LLMF_ERR_QUOTA, "402", "Insufficient Balance" },
    { 403, "", "", LLMF_ERR_PERMISSION, "", "" },
    { 404, "", "Not Found\n", LLMF_ERR_NOT_FOUND, "", "Not Found" },
    { 410, "", "{}", LLMF_ERR_NOT_FOUND, "", "" },
    { 408, "", "null", LLMF_ERR_TIMEOUT, "", "null" },
    { 504, "", "<html><head><title>504 Gateway\nTime-out</title></head><body>x</body></html>", LLMF_ERR_TIMEOUT, "", "504 Gateway Time-out" },
    { 502, "", "<html><body><h1>Bad</h1>Gateway</body></html>", LLMF_ERR_SERVER, "", "Bad" },
    { 503, "", "{\"error\":\"Model is loading\",\"estimated_time\":20.0}", LLMF_ERR_OVERLOADED, "", "Model is loading" },
    { 529, "", "", LLMF_ERR_OVERLOADED, "", "" },
    { 424, "", "{\"message\":\"m\"}", LLMF_ERR_SERVER, "", "m" },
    { 307, "", "", LLMF_ERR_BAD_REQUEST, "", "" },
    { 418, "", "\"just text\"", LLMF_ERR_BAD_REQUEST, "", "just text" },
    /* forms */
    { 400, "", "{\"error\":[\"one\",\"two\"]}", LLMF_ERR_BAD_REQUEST, "", "one; two" },
    { 400, "", "{\"object\":\"error\",\"message\":{\"detail\":[{\"loc\":[\"a\"],\"msg\":\"b\"}]},\"type\":\"t\",\"code\":\"1\"}", LLMF_ERR_BAD_REQUEST, "t", "a: b" },
    { 400, "", "{\"object\":\"error\",\"message\":\"m\",\"type\":\"BadRequestError\",\"param\":null,\"code\":400}", LLMF_ERR_BAD_REQUEST, "BadRequestError", "m" },
    { 400, "", "{\"error\":\"Bad Request\",\"message\":\"the point\",\"statusCode\":400}", LLMF_ERR_BAD_REQUEST, "", "the point" },
    { 400, "", "{\"message\":\"outer\",\"error\":{\"message\":\"inner\",\"code\":\"model_not_found\"},\"code\":\"insufficient_quota\"}", LLMF_ERR_NOT_FOUND, "model_not_found", "inner" },
    { 400, "", "event: error\ndata: {\"error\":{\"message\":\"framed\"}}\n\n", LLMF_ERR_BAD_REQUEST, "", "framed" },
    { 401, "", "{\"error\":{\"code\":\"401\",\"message\":\"Access denied\"}}", LLMF_ERR_AUTH, "401", "Access denied" },
    { 400, "", "{\"error\":{\"message\":\"cut o", LLMF_ERR_BAD_REQUEST, "", "{\"error\":{\"message\":\"cut o" },
    { 400, "", "{\"error\":{\"message\":\"first\",\"code\":\"model_not_found\",", LLMF_ERR_NOT_FOUND, "model_not_found", "first" },
    { 400, "", "\xEF\xBB\xBF {\"message\":\"\\u00e9\xff\"}", LLMF_ERR_BAD_REQUEST, "", "\xc3\xa9\xef\xbf\xbd" },
    { 400, "", "{\"error\":{\"error\":{\"error\":{\"error\":{\"error\":{\"error\":\"deep\"}}}}},\"message\":\"flat\"}", LLMF_ERR_BAD_REQUEST, "", "flat" },
    { 400, "", "{\"error\":{\"details\":[\"a\",{\"b\":[{}]},7,[{\"reason\":\"NOT_FOUND\"}]],\"code\":{},\"type\":[],\"message\":7}}", LLMF_ERR_BAD_REQUEST, "", "" },
};

static void test_bodies(void **state) {
    size_t i;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(bodies); i++) {
        const fault_case *c = &bodies[i];
        llmfi_reply r;
        reply_begin(&r, true, "host", NULL);
        llmfi_fault_body(&r, c->status, s(c->body), s(c->amzn));
        if (r.error.code != c->code || strcmp(r.error.provider_code, c->word) != 0 || !llmfi_eq(r.error.message, s(c->message)))
            fail_msg("%s: %d %s \"%.*s\"", c->body, r.error.code, r.error.provider_code, (int)r.error.message.len, r.error.message.ptr);
        assert_int_equal(r.error.http_status, c->status);
        assert_int_equal(r.error.retry_after_ms, -1);
        assert_true(strlen(r.error.text) > 10);
        reply_over(&r);
    }
}

/* ---- inside a reply with status 200: the status named inside counts ---- */

static void test_objects(void **state) {
    static const struct {
        const char *kind, *json;
        int code;
    } cases[] = {
        { "", "{\"error\":{\"code\":502,\"message\":\"Provider returned error\"},\"user_id\":\"u\"}", LLMF_ERR_SERVER },
        { "", "{\"error\":{\"code\":429,\"message\":\"m\"}}", LLMF_ERR_RATE_LIMIT },
        { "", "{\"error\":{\"code\":\"tool_use_failed\",\"message\":\"m\",\"status_code\":400}}", LLMF_ERR_BAD_REQUEST },
        { "", "{\"error\":{\"code\":\"401\",\"message\":\"m\"}}", LLMF_ERR_AUTH },
        { "", "{\"error\":{\"type\":\"server_error\",\"code\":null,\"message\":\"m\"}}", LLMF_ERR_SERVER },
        { "", "{\"error\":{\"type\":\"invalid_request_error\",\"message\":\"m\"}}", LLMF_ERR_BAD_REQUEST },           /* f */
        { "", "{\"error\":{\"code\":500,\"type\":\"invalid_request_error\",\"message\":\"m\"}}", LLMF_ERR_SERVER },
        { "", "{\"error\":{\"message\":\"exceeds the maximum number of tokens\"}}", LLMF_ERR_CONTEXT_LENGTH },         /* b, no status */
        { "", "{\"error\":{\"code\":7,\"message\":\"m\"}}", LLMF_ERR_SERVER },
        { "", "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"m\"}}", LLMF_ERR_OVERLOADED },
        { "", "{\"type\":\"error\",\"code\":\"rate_limit_exceeded\",\"message\":\"m\"}", LLMF_ERR_RATE_LIMIT },
        { "throttlingException", "{\"message\":\"m\"}", LLMF_ERR_RATE_LIMIT },
        { "validationException", "{\"message\":\"m\"}", LLMF_ERR_BAD_REQUEST },
        { "modelStreamErrorException", "{\"message\":\"m\"}", LLMF_ERR_SERVER },
        { "", "{\"error\":{\"code\":\"content_filter\",\"message\":\"m\",\"status\":400}}", LLMF_ERR_CONTENT_FILTER },
    };
    size_t i;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(cases); i++) {
        llmfi_reply r;
        reply_begin(&r, true, "host", NULL);
        llmfi_fault_object(&r, s(cases[i].json), s(cases[i].kind));
        if (r.error.code != cases[i].code) fail_msg("%s: %d", cases[i].json, r.error.code);
        assert_int_equal(r.error.http_status, 200);
        assert_int_equal(r.blocked, cases[i].code == LLMF_ERR_CONTENT_FILTER);
        reply_over(&r);
    }
}

/* ---- the sentence ---- */

static void test_sentence(void **state) {
    static char body[4096];
    llmfi_reply r;
    size_t n;
    (void)state;
    reply_begin(&r, true, "groq", NULL);
    llmfi_fault_body(&r, 401, s("{\"error\":{\"message\":\"No.\",\"code\":\"invalid_api_key\"}}"), s(""));
    assert_string_equal(r.error.text, "groq: No. (HTTP 401, invalid_api_key); check the API key");
    llmfi_fault_body(&r, 500, s("{}"), s(""));
    assert_int_equal(r.error.code, LLMF_ERR_AUTH); /* the first stays */
    reply_over(&r);
    reply_begin(&r, true, "", NULL);
    llmfi_fault_body(&r, 503, s(""), s(""));
    assert_string_equal(r.error.text, "the provider: an error without a message (HTTP 503); try again later, or name a fallback");
    reply_over(&r);
    n = (size_t)snprintf(body, sizeof body, "{\"message\":\"");
    while (n < 2000) n += (size_t)snprintf(body + n, sizeof body - n, "\xc3\xa9");
    snprintf(body + n, sizeof body - n, "\"}");
    reply_begin(&r, true, "host", NULL);
    llmfi_fault_body(&r, 400, s(body), s(""));
    assert_int_equal(r.error.message.len, n - 12); /* whole */
    assert_non_null(strstr(r.error.text, "\xc3\xa9... (HTTP 400); change what it names"));
    assert_true(llmfi_utf8_valid(s(r.error.text), NULL));
    reply_over(&r);
}

/* ---- no key in it ---- */

static void test_scrub(void **state) {
    static const struct {
        const char *in, *out;
    } cases[] = {
        { "key sk-proj-0123456789abcdef.", "key [key]." }, { "sk-short", "sk-short" }, { "sk-0123******************cdef", "sk-0123******************cdef" },
        { "Authorization: Bearer abcdefghijklmnopqrst, x", "Authorization: [key], x" }, { "bearer of bad news", "bearer of bad news" },
        { "AKIAIOSFODNN7EXAMPLE", "[key]" }, { "task-0123456789abcdefgh", "task-0123456789abcdefgh" }, { "(gsk_0123456789abcdefgh)", "([key])" },
        { "a hf_abcdefghijklmnop b AIzaSyA0123456789", "a [key] b [key]" }, { "", "" },
    };
    size_t i;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(cases); i++) {
        char body[256];
        llmfi_reply r;
        reply_begin(&r, true, "host", NULL);
        snprintf(body, sizeof body, "{\"message\":\"%s\"}", cases[i].in);
        llmfi_fault_body(&r, 400, s(body), s(""));
        assert_string_equal(r.error.message.ptr, cases[i].out);
        assert_true(!*cases[i].out || strstr(r.error.text, cases[i].out));
        reply_over(&r);
    }
}

/* ---- refused memory: the class stands ---- */

static void test_memory_refused(void **state) {
    static const char body[] = "{\"error\":{\"message\":\"\\u00e9 and more of it\",\"code\":\"insuffi\\u0063ient_quota\"}}";
    uint64_t n;
    (void)state;
    for (n = 1; n < 12; n++) {
        llmfi_reply r;
        reply_begin(&r, true, "host", NULL);
        reply_heap.fail_at = n;
        reply_heap.fail_on = true;
        llmfi_fault_body(&r, 429, s(body), s(""));
        assert_true(r.error.code == LLMF_ERR_QUOTA || r.error.code == LLMF_ERR_RATE_LIMIT);
        assert_int_equal(r.error.http_status, 429);
        reply_over(&r);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bodies), cmocka_unit_test(test_objects), cmocka_unit_test(test_sentence), cmocka_unit_test(test_scrub),
        cmocka_unit_test(test_memory_refused),
    };
    return cmocka_run_group_tests_name("fault", tests, NULL, NULL);
}
