/* A new host by config alone: how its key goes out, where its list of models stands. */
#include "script.h"

#define ANSWER "{\"choices\":[{\"message\":{\"role\":\"assistant\",\"content\":\"Hi\"},\"finish_reason\":\"stop\"}]}"

static char sent[2048];            /* the headers of the latest request, a line each */

static script_reply answer(script *s, const llmf_http_request *req, int n) {
    script_reply r;
    size_t i, len = 0;
    (void)s, (void)n;
    for (i = 0; i < req->header_count; i++)
        len += (size_t)snprintf(sent + len, sizeof sent - len, "%.*s: %.*s\n", (int)req->headers[i].name.len, req->headers[i].name.ptr,
                                (int)req->headers[i].value.len, req->headers[i].value.ptr);
    memset(&r, 0, sizeof r);
    r.status = 200;
    r.body = req->method.ptr[0] == 'G' ? "{\"data\":[{\"id\":\"wren-2\"},{\"id\":\"finch\"}]}" : ANSWER;
    return r;
}

static script s;

static llmf_factory *open_with(const char *config) {
    static const char *const env[] = {"NEST_KEY", "k-123456789", NULL};
    llmf_desc d = script_desc(&s, answer);
    llmf_error err;
    llmf_factory *f;
    d.config_text = config;
    s.w.env = env;
    f = llmf_open(&d, &err);
    if (!f) fail_msg("%s", err.text);
    return f;
}

static void close_it(llmf_factory *f) {
    llmf_close(f);
    kit_drop(&s.w.log);
}

static void ask(llmf_factory *f, const char *model) {
    llmf_request req;
    llmf_response r;
    memset(&req, 0, sizeof req);
    req.prompt = "Hi";
    if (llmf_generate(f, llmf_get(f, model, NULL), &req, &r) != LLMF_OK) fail_msg("%s", r.error.text);
    assert_true(kit_is(r.text, "Hi"));
    llmf_release(f, &r);
}

#define NEST(auth) "providers: {nest: {dialect: openai, base_url: \"https://nest.test/v1\", api_key_env_var: NEST_KEY, auth: " auth "}}"

static void test_header_of_its_own(void **state) {
    static const struct {
        const char *config, *header;
    } cases[] = {
        {NEST("{header: X-Custom-Key, prefix: \"Token \"}"), "\nX-Custom-Key: Token k-123456789\n"},
        {NEST("{header: X-Custom-Key}"), "\nX-Custom-Key: k-123456789\n"},
        {NEST("{header: Authorization, prefix: \"Key id=7,\"}"), "\nAuthorization: Key id=7,k-123456789\n"},
        {NEST("bearer"), "\nAuthorization: Bearer k-123456789\n"},
        {NEST("api-key"), "\napi-key: k-123456789\n"},
    };
    size_t i;
    (void)state;
    for (i = 0; i < KIT_COUNT(cases); i++) {
        llmf_factory *f = open_with(cases[i].config);
        ask(f, "nest:wren-2");
        if (!kit_has(sent, cases[i].header)) fail_msg("%s has not %s", sent, cases[i].header);
        assert_true(strstr(strstr(sent, "k-123456789") + 1, "k-123456789") == NULL); /* in one header only */
        close_it(f);
    }
}

/* What a preview shows, and what an entry that comes later makes of it. */
static void test_preview_and_later_entry(void **state) {
    llmf_factory *f = open_with(NEST("{header: X-Custom, prefix: \"Token \"}"));
    llmf_request req;
    llmf_preview p;
    size_t i;
    bool seen = false;
    (void)state;
    memset(&req, 0, sizeof req);
    req.prompt = "Hi";
    assert_int_equal(llmf_preview_request(f, llmf_get(f, "nest:wren-2", NULL), &req, &p), LLMF_OK);
    for (i = 0; i < p.header_count; i++) {
        assert_true(!kit_is(p.headers[i].name, "Authorization"));
        if (kit_is(p.headers[i].name, "X-Custom")) seen = kit_is(p.headers[i].value, "REDACTED");
    }
    assert_true(seen);
    llmf_free(f, p.call);
    close_it(f);
    f = open_with(NEST("{header: X-Custom}") "\nmodels: {bird: {provider: nest, model_id: wren-2, headers: {X-Custom: own}}}");
    ask(f, "bird"); /* the config's own header of that name takes the key's place */
    assert_true(kit_has(sent, "\nX-Custom: own\n") && !kit_has(sent, "k-123456789"));
    close_it(f);
}

/* No key: the error names the variable, whatever header it would go into. */
static void test_no_key(void **state) {
    llmf_factory *f = open_with(NEST("{header: X-Custom}"));
    llmf_request req;
    llmf_response r;
    (void)state;
    s.w.env = NULL;
    memset(&req, 0, sizeof req);
    req.prompt = "Hi";
    assert_int_equal(llmf_generate(f, llmf_get(f, "nest:wren-2", NULL), &req, &r), LLMF_ERR_AUTH);
    assert_true(kit_has(r.error.text, "NEST_KEY"));
    assert_int_equal(s.asked, 0);
    llmf_release(f, &r);
    close_it(f);
}

static void test_list_of_models(void **state) {
    static const struct {
        const char *dialect, *path, *page, *url;
    } cases[] = {
        {"openai", "", NULL, "https://nest.test/v1/models"},
        {"openai", ", models_path: /catalogue/all", NULL, "https://nest.test/v1/catalogue/all"},
        {"anthropic", ", models_path: /catalogue", "p/1", "https://nest.test/v1/catalogue?limit=1000&after_id=p%2F1"},
    };
    char config[300];
    size_t i;
    (void)state;
    for (i = 0; i < KIT_COUNT(cases); i++) {
        llmf_factory *f;
        llmf_request req;
        llmf_response r;
        llmf_input in;
        snprintf(config, sizeof config, "providers: {nest: {dialect: %s, base_url: \"https://nest.test/v1\"%s}}", cases[i].dialect, cases[i].path);
        f = open_with(config);
        memset(&req, 0, sizeof req);
        memset(&in, 0, sizeof in);
        req.op = LLMF_OP_LIST_MODELS;
        req.input = &in;
        in.page = cases[i].page;
        if (llmf_generate(f, llmf_get(f, "nest:wren-2", NULL), &req, &r) != LLMF_OK) fail_msg("%s", r.error.text);
        assert_string_equal(s.url, cases[i].url);
        assert_int_equal(r.output->model_count, 2);
        assert_true(kit_is(r.output->models[0], "wren-2"));
        llmf_release(f, &r);
        if (i < 2) ask(f, "nest:wren-2"); /* a chat goes where it went */
        assert_true(i >= 2 || kit_has(s.url, "/v1/chat/completions"));
        close_it(f);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_header_of_its_own), cmocka_unit_test(test_preview_and_later_entry), cmocka_unit_test(test_no_key), cmocka_unit_test(test_list_of_models),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
