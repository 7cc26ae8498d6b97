/* Azure OpenAI: where requests go, what stands for the model, and what its content filter does to replies. Numbers are those of RULES.md. */
#include "../../providers/azure.h"
#include "dialect.h"

#define Z (&llmfi_azure)
#define HI "\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]"

static question Q;

static void ask(const char *base, const char *version, const char *model, const char *deployment) {
    question_init(&Q, model);
    question_add(&Q, LLMF_USER, "Hi");
    Q.model.provider = LLMFI_LIT("azure");
    Q.model.base_url = llmfi_cstr(base);
    Q.model.api_version = llmfi_cstr(version);
    Q.model.deployment = llmfi_cstr(deployment);
}

static void goes_to(const char *base, const char *version, const char *model, const char *deployment, const char *expected) {
    char got[128];
    llmfi_out o;
    ask(base, version, model, deployment);
    question_refused(&Q, Z, LLMF_OK, "");
    llmfi_out_window(&o, got, sizeof got - 1, 0);
    Z->path(&Q.ask, &o);
    got[o.len] = '\0';
    assert_string_equal(got, expected);
}

#define HOST "https://r.openai.azure.com"
#define FOUNDRY "https://r.services.ai.azure.com"

static void test_path(void **state) {
    (void)state;
    goes_to(HOST, "", "d", "", "/openai/v1/chat/completions");
    goes_to(HOST "/", "2024-10-21", "d", "", "/openai/deployments/d/chat/completions?api-version=2024-10-21");
    goes_to(HOST, "2025-04-01-preview", "gpt-4o", "my d/\xc3\xa4", "/openai/deployments/my%20d%2F%C3%A4/chat/completions?api-version=2025-04-01-preview");
    goes_to(HOST, "preview", "d", "", "/openai/v1/chat/completions?api-version=preview");
    goes_to(HOST, "latest", "d", "", "/openai/v1/chat/completions?api-version=latest");
    goes_to(HOST, "v1", "d", "", "/openai/v1/chat/completions");
    goes_to(HOST "/openai", "", "d", "", "/v1/chat/completions");
    goes_to(HOST "/openai/", "2024-10-21", "d", "", "/deployments/d/chat/completions?api-version=2024-10-21");
    goes_to(HOST "/openai/v1/", "", "d", "", "/chat/completions");
    goes_to(HOST "/openai/v1", "2024-10-21", "d", "", "/chat/completions"); /* the date is of the other face */
    goes_to(HOST "/openai/v1", "preview", "d", "", "/chat/completions?api-version=preview");
    goes_to(HOST "/openai/deployments/x", "2024-10-21", "d", "", "/chat/completions?api-version=2024-10-21");
    goes_to(HOST "/openai/deployments/x?api-version=2024-06-01", "2024-10-21", "d", "", "/chat/completions");
    goes_to(HOST "?api-version=2024-06-01", "2024-10-21", "d", "", "/openai/deployments/d/chat/completions");
    goes_to(FOUNDRY "/models", "2024-05-01-preview", "d", "", "/chat/completions?api-version=2024-05-01-preview");
    goes_to(FOUNDRY "/openai/v1", "", "d", "", "/chat/completions");
    goes_to("https://gateway.example/azure", "2024-10-21", "d", "", "/openai/deployments/d/chat/completions?api-version=2024-10-21");
}

static void test_refused(void **state) {
    (void)state;
    ask(HOST "/openai/deployments/x", "", "d", "");
    question_refused(&Q, Z, LLMF_ERR_CONFIG, "api_version");
    ask(FOUNDRY "/models/", "", "d", "");
    question_refused(&Q, Z, LLMF_ERR_CONFIG, "api_version");
    ask(HOST, "2024-10-21", "..", "");
    question_refused(&Q, Z, LLMF_ERR_CONFIG, "deployment");
    ask(HOST, "", "d", "");
    Q.req.temperature = 0.5;
    Q.model.quirks = LLMFI_Q_NO_SAMPLING; /* openai's own checks hold too */
    question_refused(&Q, Z, LLMF_ERR_UNSUPPORTED, "temperature");
}

/* The deployment goes out as the model, and nothing else changes. */
static void test_body(void **state) {
    (void)state;
    ask(HOST, "", "gpt-4o", "my-deployment");
    question_body(&Q, Z, false, "{\"model\":\"my-deployment\"," HI "}");
    assert_true(LLMFI_IS(Q.model.model_id, "gpt-4o"));
    ask(HOST, "2024-10-21", "my-gpt", "");
    Q.req.stream = true;
    Q.req.max_tokens = 9;
    Q.model.quirks = LLMFI_Q_MAX_COMPLETION_TOKENS;
    question_tool(&Q, "f", NULL, NULL);
    question_body(&Q, Z, false, "{\"model\":\"my-gpt\",\"stream\":true,\"stream_options\":{\"include_usage\":true},\"max_completion_tokens\":9," HI
                                ",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{\"type\":\"object\",\"properties\":{}}}}]}");
}

#define SAFE "\"hate\":{\"filtered\":false,\"severity\":\"safe\"},\"jailbreak\":{\"filtered\":false,\"detected\":false}"
#define FIRST "{\"choices\":[],\"created\":0,\"id\":\"\",\"model\":\"\",\"object\":\"\",\"prompt_filter_results\":[{\"prompt_index\":0,\"content_filter_results\":{" SAFE "}}]}\n"
#define CHUNK(choice) "{\"choices\":[" choice "],\"created\":1,\"id\":\"c\",\"model\":\"gpt-4o-2024-11-20\",\"obfuscation\":\"x9\",\"object\":\"chat.completion.chunk\",\"usage\":null}\n"
#define SAYS(t) CHUNK("{\"content_filter_results\":{" SAFE "},\"delta\":{\"content\":\"" t "\"},\"finish_reason\":null,\"index\":0,\"logprobs\":null}")
#define ENDS(word) CHUNK("{\"content_filter_results\":{},\"delta\":{},\"finish_reason\":\"" word "\",\"index\":0,\"logprobs\":null}")
#define USAGE "{\"choices\":[],\"id\":\"c\",\"model\":\"gpt-4o-2024-11-20\",\"usage\":{\"completion_tokens\":2,\"latency_checkpoint\":{\"x\":1},\"prompt_tokens\":8,\"total_tokens\":10}}\n[DONE]\n"

static const reply_case cases[] = {
    { "the filter's chunk without choices first, model named later", true, FIRST SAYS("Hel") SAYS("lo") ENDS("stop") USAGE, "T:Hel|T:lo|U:8,-,-,2,-|=stop(stop)gpt-4o-2024-11-20" },
    { "asynchronous filter: a choice without a delta", true,
      FIRST SAYS("Hi") CHUNK("{\"content_filter_offsets\":{\"check_offset\":1,\"start_offset\":1,\"end_offset\":9},\"content_filter_results\":{" SAFE "},\"finish_reason\":null,\"index\":0}") ENDS("stop") "[DONE]\n",
      "T:Hi|=stop(stop)gpt-4o-2024-11-20" },
    { "15, 17 filtered while it streamed", true, FIRST SAYS("Hal") ENDS("content_filter") "[DONE]\n", "T:Hal|=content_filter(content_filter)gpt-4o-2024-11-20" },
    { "30 blocked in a stream", true, FIRST "{\"error\":{\"code\":\"content_filter\",\"message\":\"filtered\",\"innererror\":{\"code\":\"ResponsibleAIPolicyViolation\"}}}\n", "!13(content_filter)filtered" },
    { "15, 17 filtered answer: no message", false,
      "{\"choices\":[{\"content_filter_results\":{\"hate\":{\"filtered\":true,\"severity\":\"high\"}},\"finish_reason\":\"content_filter\",\"index\":0}],\"model\":\"gpt-4o\",\"usage\":{\"prompt_tokens\":3,\"total_tokens\":3}}",
      "U:3,-,-,-,-|=content_filter(content_filter)gpt-4o" },
    { "an answer with filter results", false,
      "{\"choices\":[{\"content_filter_results\":{" SAFE "},\"finish_reason\":\"stop\",\"index\":0,\"message\":{\"content\":\"Hi\",\"role\":\"assistant\"}}],\"model\":\"gpt-4o\",\"prompt_filter_results\":[{\"prompt_index\":0}]}",
      "T:Hi|=stop(stop)gpt-4o" },
};

static void test_replies(void **state) {
    (void)state;
    answer_cases(Z, "azure", cases, LLMFI_COUNT(cases));
}

static void test_faults(void **state) {
    static const struct {
        int status, code;
        const char *body, *provider_code;
    } rows[] = {
        { 400, LLMF_ERR_CONTENT_FILTER, "{\"error\":{\"message\":\"The response was filtered\",\"type\":null,\"param\":\"prompt\",\"code\":\"content_filter\",\"status\":400,"
                                        "\"innererror\":{\"code\":\"ResponsibleAIPolicyViolation\",\"content_filter_result\":{" SAFE "}}}}", "content_filter" },
        { 401, LLMF_ERR_AUTH, "{\"error\":{\"code\":\"401\",\"message\":\"Access denied due to invalid subscription key or wrong API endpoint.\"}}", "401" },
        { 404, LLMF_ERR_NOT_FOUND, "{\"error\":{\"code\":\"DeploymentNotFound\",\"message\":\"The API deployment for this resource does not exist.\"}}", "DeploymentNotFound" },
        { 429, LLMF_ERR_RATE_LIMIT, "{\"error\":{\"code\":\"RateLimitReached\",\"message\":\"slow\",\"details\":\"x\"}}", "RateLimitReached" },
    };
    size_t i;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(rows); i++) {
        answer a;
        answer_init(&a, "azure", false);
        llmfi_fault_body(&a.reply, rows[i].status, llmfi_cstr(rows[i].body), llmfi_str("", 0));
        assert_int_equal(a.reply.error.code, rows[i].code);
        assert_string_equal(a.reply.error.provider_code, rows[i].provider_code);
        assert_int_equal(a.reply.blocked, rows[i].code == LLMF_ERR_CONTENT_FILTER);
        answer_free(&a);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_path), cmocka_unit_test(test_refused), cmocka_unit_test(test_body), cmocka_unit_test(test_replies), cmocka_unit_test(test_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
