/* The config of a factory: what names mean, what files may say, and what is said of those that are wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#define LLMF_NO_CRUSOE 1                     /* so that something is left out */
#include "../../src/factory/config.h"
#include "../os.h"

static char block[1 << 20];
static llmfi_heap heap;
static llmfi_env env;
static llmf_desc desc;
static llmfi_arena arena;
static llmfi_record record;
static llmf_error err;

/* Variables of the test: "NAME=value", the first of a name counts. */
static const char *const *variables;

static const char *test_getenv(void *user, const char *name) {
    const char *const *v;
    size_t len = strlen(name);
    (void)user;
    for (v = variables; v && *v; v++)
        if (strncmp(*v, name, len) == 0 && (*v)[len] == '=') return *v + len + 1;
    return NULL;
}

static llmf_error problems[16];
static size_t problem_count, warning_count;

static void keep_problem(void *user, const llmf_error *e, bool warning) {
    (void)user;
    if (warning) warning_count++;
    else if (problem_count < LLMFI_COUNT(problems)) problems[problem_count++] = *e;
}

static llmfi_config *load(void) {
    llmfi_config *c;
    size_t count = 99;
    problem_count = warning_count = 0;
    assert_true(llmfi_env_open(&env, &heap, &desc, &err));
    c = llmfi_config_load(&heap, &desc, &env, NULL, keep_problem, NULL, &count);
    assert_non_null(c);
    assert_int_equal(count, problem_count);
    return c;
}

static llmfi_config *load_text(const char *text) {
    desc.config_text = text;
    return load();
}

static llmfi_config *load_good(const char *text) {
    llmfi_config *c = load_text(text);
    if (problem_count) print_error("%s\n", problems[0].text);
    assert_int_equal(problem_count, 0);
    return c;
}

static int setup(void **state) {
    (void)state;
    llmfi_heap_init(&heap, block, sizeof block);
    memset(&desc, 0, sizeof desc);
    desc.getenv_fn = test_getenv;
    variables = NULL;
    llmfi_arena_init(&arena, &heap, 0);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    llmfi_arena_free(&arena);
    llmfi_env_close(&env);
    assert_int_equal(heap.used, 0);
    return 0;
}

static void same(llmf_str got, const char *expected) {
    if (llmfi_eq(got, llmfi_cstr(expected))) return;
    print_error("expected <%s>, got <%.*s>\n", expected, (int)got.len, got.ptr);
    fail();
}

static void resolve(llmfi_config *c, const char *name) {
    if (llmfi_config_resolve(c, &arena, llmfi_cstr(name), &record, &err)) return;
    print_error("%s: %s\n", name, err.text);
    fail();
}

static void has(const char *text, const char *part) {
    if (strstr(text, part)) return;
    print_error("<%s> is not in <%s>\n", part, text);
    fail();
}

static void same_price(int64_t input_tokens, const llmfi_price *expected) {
    llmfi_price got = llmfi_record_price(&record, input_tokens);
    assert_memory_equal(&got, expected, sizeof got);
}

/* ---- the order in which names resolve ---- */

static const char names_config[] =
    "default_model: fast\n"
    "models:\n"
    "  fast: {provider: openai, model_id: gpt-4.1-mini}\n"
    "  gpt-4o: {provider: groq, model_id: llama-3.1-8b-instant}\n"
    "  \"groq:mine\": {provider: ollama, model_id: qwen3}\n"
    "  pretty: {name: My Model, provider: claude, model_id: claude-sonnet-5}\n"
    "  o3-mini: {provider: openai}\n"
    "  claude-opus-5: {temperature: 1}\n"
    "  bed: {provider: bedrock, model_id: anthropic.claude-3-7-sonnet-20250219-v1:0}\n"
    "  gone: {provider: crusoe, model_id: claude-4-sonnet}\n"
    "providers:\n"
    "  office: {dialect: openai, base_url: \"http://office/v1\", default_model: big}\n";

static const struct {
    const char *provider;                    /* LLM_PROVIDER; NULL */
    const char *name;
    int code;
    const char *got_provider, *got_id;       /* or a piece of the error's text */
} order[] = {
    /* a key of the config, before all else */
    {NULL, "fast", LLMF_OK, "openai", "gpt-4.1-mini"},
    {NULL, "gpt-4o", LLMF_OK, "groq", "llama-3.1-8b-instant"},
    {NULL, "groq:mine", LLMF_OK, "ollama", "qwen3"},
    {NULL, "pretty", LLMF_OK, "anthropic", "claude-sonnet-5"},
    {NULL, "My Model", LLMF_OK, "anthropic", "claude-sonnet-5"},
    {NULL, "o3-mini", LLMF_OK, "openai", "o3-mini"},
    {NULL, "claude-opus-5", LLMF_OK, "anthropic", "claude-opus-5"},
    {NULL, "bed", LLMF_ERR_CONFIG, "needs {region}; set the key region_name in the config, or AWS_REGION", NULL},
    {NULL, "gone", LLMF_ERR_NOT_BUILT, "left out of this build: build without LLMF_NO_CRUSOE", NULL},
    {"ollama", "fast", LLMF_OK, "openai", "gpt-4.1-mini"},
    /* a row of the table */
    {NULL, "gpt-4o-mini", LLMF_OK, "openai", "gpt-4o-mini"},
    {NULL, "claude-sonnet-5", LLMF_OK, "anthropic", "claude-sonnet-5"},
    {NULL, "meta-llama/llama-4-scout-17b-16e-instruct", LLMF_OK, "groq", "meta-llama/llama-4-scout-17b-16e-instruct"},
    {"ollama", "gpt-4o-mini", LLMF_OK, "openai", "gpt-4o-mini"},
    {NULL, "gpt-oss:20b", LLMF_ERR_UNKNOWN_MODEL, "unknown model gpt-oss:20b", NULL}, /* a row that counts where its host is named */
    {"ollama", "gpt-oss:20b", LLMF_OK, "ollama", "gpt-oss:20b"},
    {NULL, "local:gpt-oss:20b", LLMF_OK, "ollama", "gpt-oss:20b"},
    {"vllm", "meta-llama/Llama-3.3-70B-Instruct", LLMF_OK, "vllm", "meta-llama/Llama-3.3-70B-Instruct"},
    {NULL, "meta-llama/Llama-3.3-70B-Instruct", LLMF_ERR_UNKNOWN_MODEL, "unknown model", NULL},
    {NULL, "hf:meta-llama/Llama-3.3-70B-Instruct", LLMF_OK, "huggingface", "meta-llama/Llama-3.3-70B-Instruct"},
    {NULL, " gpt-4o-mini ", LLMF_ERR_UNKNOWN_MODEL, "unknown model", NULL}, /* a name is taken as it stands */
    /* provider:model, an alias too, split at the first colon */
    {NULL, "groq:whatever", LLMF_OK, "groq", "whatever"},
    {NULL, "openai:gpt-4o", LLMF_OK, "openai", "gpt-4o"},
    {NULL, "claude:claude-x", LLMF_OK, "anthropic", "claude-x"},
    {NULL, "local:llama3:8b", LLMF_OK, "ollama", "llama3:8b"},
    {NULL, "Ollama:llama3:8b", LLMF_OK, "ollama", "llama3:8b"},
    {NULL, "office:any", LLMF_OK, "office", "any"},
    {NULL, "office:", LLMF_OK, "office", "big"},
    {NULL, "ollama:", LLMF_OK, "ollama", "llama3.2"},
    {NULL, "vllm:", LLMF_ERR_UNKNOWN_MODEL, "vllm has no default model", NULL},
    {NULL, "crusoe:x", LLMF_ERR_NOT_BUILT, "crusoe", NULL},
    {NULL, "google:x", LLMF_OK, "gemini", "x"},
    {NULL, "responses:gpt-5.5", LLMF_OK, "openai_responses", "gpt-5.5"},
    /* what stands before the colon is no provider */
    {NULL, "llama3:8b", LLMF_ERR_UNKNOWN_MODEL, "unknown model llama3:8b", NULL},
    {"ollama", "llama3:8b", LLMF_OK, "ollama", "llama3:8b"},
    {"local", "llama3:8b", LLMF_OK, "ollama", "llama3:8b"},
    {NULL, "opnai:gpt-4o", LLMF_ERR_UNKNOWN_MODEL, "did you mean openai:gpt-4o?", NULL},
    /* the default provider's model of this name */
    {"groq", "mystery", LLMF_OK, "groq", "mystery"},
    {"office", "mystery", LLMF_OK, "office", "mystery"},
    {"nobody", "mystery", LLMF_ERR_UNKNOWN_PROVIDER, "unknown provider nobody", NULL},
    {"opnai", "mystery", LLMF_ERR_UNKNOWN_PROVIDER, "did you mean openai?", NULL},
    {"crusoe", "mystery", LLMF_ERR_NOT_BUILT, "crusoe", NULL},
    /* nobody knows it */
    {NULL, "mystery", LLMF_ERR_UNKNOWN_MODEL, "unknown model mystery", NULL},
    {NULL, "gpt-4p", LLMF_ERR_UNKNOWN_MODEL, "did you mean gpt-4o", NULL},
    {NULL, "fsat", LLMF_ERR_UNKNOWN_MODEL, "did you mean fast?", NULL},
    {NULL, "openai", LLMF_ERR_UNKNOWN_MODEL, "write openai:model", NULL},
    {NULL, "a\nb", LLMF_ERR_ARGUMENT, "control character", NULL},
    {NULL, "\xff", LLMF_ERR_ARGUMENT, "UTF-8", NULL},
    /* no name */
    {NULL, "", LLMF_OK, "openai", "gpt-4.1-mini"},
    {"anthropic", "", LLMF_OK, "anthropic", "claude-sonnet-5"},
    {"office", "", LLMF_OK, "office", "big"},
    {"vllm", "", LLMF_ERR_UNKNOWN_MODEL, "vllm has no default model", NULL},
    {"nobody", "", LLMF_ERR_UNKNOWN_PROVIDER, "known: office openai", NULL},
};

static void test_order(void **state) {
    size_t i;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(order); i++) {
        char variable[64];
        const char *list[2] = {NULL, NULL};
        llmfi_config *c;
        bool ok;
        if (order[i].provider) {
            snprintf(variable, sizeof variable, "LLM_PROVIDER=%s", order[i].provider);
            list[0] = variable;
        }
        variables = list;
        c = load_good(names_config);
        ok = llmfi_config_resolve(c, &arena, llmfi_cstr(order[i].name), &record, &err);
        if (ok != (order[i].code == LLMF_OK) || (!ok && err.code != order[i].code)) print_error("%s: %d %s\n", order[i].name, ok ? 0 : err.code, ok ? "resolved" : err.text);
        assert_int_equal(ok, order[i].code == LLMF_OK);
        if (ok) {
            same(record.provider->name, order[i].got_provider);
            same(record.s.provider, order[i].got_provider);
            same(record.s.model_id, order[i].got_id);
            assert_int_equal(record.s.base_url.len > 0, 1);
        } else {
            assert_int_equal(err.code, order[i].code);
            has(err.text, order[i].got_provider);
        }
        llmfi_config_release(c);
    }
}

/* Whose word counts where a name says no provider. */
static void test_defaults(void **state) {
    static const char *const both[] = {"LLM_PROVIDER=groq", "LLM_PRIMARY_PROVIDER=xai", NULL};
    static const char *const second[] = {"LLM_PROVIDER=", "LLM_PRIMARY_PROVIDER=xai", "XAI_MODEL=grok-9", NULL};
    llmfi_config *c = load_good("default_provider: ollama");
    (void)state;
    resolve(c, "");
    same(record.s.model_id, "llama3.2");
    resolve(c, "anything");
    same(record.provider->name, "ollama");
    llmfi_config_release(c);
    variables = both;
    c = load_good("default_provider: ollama\ndefault_model: gpt-4o");
    resolve(c, "");
    same(record.provider->name, "groq");
    desc.provider = "mistral";
    resolve(c, "x");
    same(record.provider->name, "mistral");
    desc.provider = NULL;
    llmfi_config_release(c);
    variables = second;
    c = load_good("default_provider: ollama");
    resolve(c, "");
    same(record.provider->name, "xai");
    same(record.s.model_id, "grok-9");
    llmfi_config_release(c);
    variables = NULL;
    c = load_good("models: {}");
    assert_false(llmfi_config_resolve(c, &arena, llmfi_str("", 0), &record, &err));
    assert_int_equal(err.code, LLMF_ERR_UNKNOWN_MODEL);
    has(err.text, "set LLM_PROVIDER, or default_model");
    llmfi_config_release(c);
}

/* ---- every key ---- */

static const char every_key[] =
    "name: every\n"
    "provider: anthropic\n"
    "model_id: claude-sonnet-4-5\n"
    "description: all of them\n"
    "base_url: https://proxy.example.com/a\n"
    "api_version: 2023-06-01\n"
    "deployment: dep\n"
    "region_name: eu-west-1\n"
    "account: acc\n"
    "resource: res\n"
    "headers: {X-A: one, X-B: 'two'}\n"
    "api_key_env_var: MY_KEY\n"
    "api_key_secret_name: llm/key\n"
    "api_key_file: /run/secrets/llm\n"
    "api_key_command: pass show llm\n"
    "aws_access_key_id: ${AWS_ID}\n"
    "aws_secret_access_key: ${AWS_SECRET}\n"
    "aws_session_token: ${AWS_TOKEN}\n"
    "aws_profile: work\n"
    "embedding_model: emb\n"
    "quirks: {no_user_field: true, sampling_old_version: false}\n"
    "capabilities: [tools, audio]\n"
    "input_token_cost_usd_per_million: 3.0\n"
    "output_token_cost_usd_per_million: 15\n"
    "cache_read_token_cost_usd_per_million: 0.3\n"
    "cache_write_token_cost_usd_per_million: 3.75\n"
    "cache_write_1h_token_cost_usd_per_million: 6\n"
    "max_tokens: 1000\n"
    "context_window: 200000\n"
    "max_output_tokens: 64000\n"
    "num_ctx: 8192\n"
    "temperature: 0\n"
    "top_p: 0.25\n"
    "stop: END\n"
    "reasoning_effort: 4096\n"
    "prompt_prefix: 'before '\n"
    "prompt_suffix: ' after'\n"
    "extra: {a: {b: [1, true, null]}}\n"
    "fallbacks: [gpt-4o, 'groq:x']\n"
    "timeout_connect: 500ms\n"
    "timeout_first_byte: 5\n"
    "timeout_first_content: 0.25s\n"
    "timeout_idle: none\n"
    "timeout_total: 2m\n"
    "timeout_queue: 3s\n"
    "max_retries: 0\n"
    "retry_delay: 5s\n"
    "retry_min_delay: 4s\n"
    "retry_max_delay: 60s\n"
    "retry_jitter: 0\n"
    "retry_max_wait: none\n"
    "fallback_on: [rate_limit, quota]\n"
    "cooldown: 1m\n"
    "breaker_failures: 7\n"
    "breaker_time: 9s\n"
    "max_concurrent: 8\n"
    "hedge_after: 800ms\n"
    "min_bytes_per_second: 20\n"
    "api_key_env_vars: [MY_KEY, MY_KEY_2]\n"
    "rpm: 60\n"
    "tpm: 90000\n"
    "weight: 0.5\n"
    "budget_usd: 12.34\n"
    "use_cases: [chat, code]\n"
    "quality: {code: 0.9, default: 0.5}\n";

static void test_every_key(void **state) {
    const llmfi_node *n;
    static const char *const list[] = {"AWS_ID=id", "AWS_SECRET=secret", "AWS_TOKEN=token", NULL};
    llmfi_config *c;
    (void)state;
    variables = list;
    c = load_good(every_key);
    resolve(c, "every");
    same(record.s.name, "every");
    same(record.s.model_id, "claude-sonnet-4-5");
    same(record.s.description, "all of them");
    same(record.s.base_url, "https://proxy.example.com/a");
    same(record.s.api_version, "2023-06-01");
    same(record.s.deployment, "dep");
    same(record.s.region, "eu-west-1");
    same(record.account, "acc");
    same(record.resource, "res");
    same(llmfi_member(record.headers, LLMFI_LIT("X-B"))->text, "two");
    same(record.api_key_env_var, "MY_KEY");
    same(record.api_key_secret, "llm/key");
    same(record.api_key_file, "/run/secrets/llm");
    same(record.api_key_command, "pass show llm");
    same(record.aws.id, "id");
    same(record.aws.secret, "secret");
    same(record.aws.token, "token");
    same(record.aws.profile, "work");
    same(record.embedding_model, "emb");
    assert_int_equal(record.s.quirks, LLMFI_Q_NO_USER_FIELD);
    assert_int_equal(record.capabilities, LLMF_CAN_TOOLS | LLMF_CAN_AUDIO);
    assert_int_equal(record.price.input, 3000000);
    assert_int_equal(record.price.output, 15000000);
    assert_int_equal(record.price.cache_read, 300000);
    assert_int_equal(record.price.cache_write, 3750000);
    assert_int_equal(record.price.cache_write_1h, 6000000);
    same_price(900000, &record.price);
    assert_int_equal(record.max_tokens, 1000);
    assert_int_equal(record.s.context_window, 200000);
    assert_int_equal(record.s.max_output, 64000);
    assert_int_equal(record.s.num_ctx, 8192);
    assert_true(record.temperature == LLMF_ZERO);
    assert_true(record.top_p == 0.25);
    assert_int_equal(record.stop->type, LLMFI_ARRAY);
    assert_int_equal(record.stop->count, 1);
    same(record.stop->child->text, "END");
    same(record.reasoning, "4096 tokens");
    assert_int_equal(record.reasoning.ptr[record.reasoning.len], 0);
    same(record.prompt_prefix, "before ");
    same(record.prompt_suffix, " after");
    n = llmfi_member(record.s.extra, LLMFI_LIT("a"));
    assert_int_equal(llmfi_member(n, LLMFI_LIT("b"))->count, 3);
    assert_int_equal(record.fallbacks->count, 2);
    same(record.fallbacks->child->next->text, "groq:x");
    assert_int_equal(record.timeouts.connect_ms, 500);
    assert_int_equal(record.timeouts.first_byte_ms, 5000);
    assert_int_equal(record.timeouts.first_content_ms, 250);
    assert_int_equal(record.timeouts.idle_ms, -1);
    assert_int_equal(record.timeouts.total_ms, 120000);
    assert_int_equal(record.retry.max_retries, -1); /* none; 0 is not set */
    assert_int_equal(record.retry.delay_ms, 5000);
    assert_int_equal(record.retry.min_delay_ms, 4000);
    assert_int_equal(record.retry.max_delay_ms, 60000);
    assert_int_equal(record.retry.jitter, -1);
    assert_int_equal(record.retry.max_wait_ms, -1);
    assert_int_equal(record.retry.fallback_on, 1 << LLMF_ERR_RATE_LIMIT | 1 << LLMF_ERR_QUOTA);
    assert_int_equal(record.retry.cooldown_ms, 60000);
    assert_int_equal(record.retry.breaker_failures, 7);
    assert_int_equal(record.retry.breaker_ms, 9000);
    assert_int_equal(record.retry.max_concurrent, 8);
    assert_int_equal(record.retry.hedge_ms, 800);
    assert_int_equal(record.retry.min_bytes_per_s, 20);
    assert_int_equal(record.timeouts.queue_ms, 3000);
    assert_int_equal(record.key_list->count, 2);
    assert_int_equal(record.rpm, 60);
    assert_int_equal(record.tpm, 90000);
    assert_true(record.weight == 0.5);
    assert_int_equal(record.budget_pico, INT64_C(12340000000000));
    assert_int_equal(record.use_cases->count, 2);
    same(llmfi_member(record.quality, LLMFI_LIT("code"))->text, "0.9");
    assert_true(record.from_config && record.from_table);
    llmfi_config_release(c);
}

/* No key of the table is forgotten by the text above or the one below. */
static void test_all_keys_are_tested(void **state) {
    static const char elsewhere[] = " api_key dialect auth default_model default_max_tokens embedding_batch models_path timeout cache_read_input_token_cost_usd_per_million"
                                    " cache_write_input_token_cost_usd_per_million ";
    size_t i;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(llmfi_keys); i++) {
        char line[128], word[128];
        snprintf(line, sizeof line, "\n%s: ", llmfi_keys[i].name);
        snprintf(word, sizeof word, " %s ", llmfi_keys[i].name);
        if (!strstr(elsewhere, word) && strncmp(every_key, line + 1, strlen(line + 1)) != 0) has(every_key, line);
    }
}

static void test_provider_keys(void **state) {
    static const char text[] =
        "providers:\n"
        "  office: {dialect: anthropic, base_url: 'https://llm.{region}.example.com', auth: bearer, api_key_env_var: OFFICE_KEY, default_model: big,\n"
        "    default_max_tokens: 99, embedding_batch: 7, embedding_model: e, api_version: v, region_name: north, rpm: 5, tpm: 6, max_retries: 2,\n"
        "    quirks: [no_reasoning], headers: {X-P: p}, timeout: 9, description: ours, models_path: /v2/models,\n"
        "    api_key_file: f, api_key_command: c}\n"
        "  free: {dialect: openai, base_url: http://free/v1}\n"
        "models:\n"
        "  cheap: {provider: office, model_id: m, cache_read_input_token_cost_usd_per_million: 1, cache_write_input_token_cost_usd_per_million: 2}\n";
    static const char *const list[] = {"OFFICE_KEY=k1", "FREE_API_KEY=k2", NULL};
    llmfi_config *c;
    int auth;
    (void)state;
    variables = list;
    c = load_good(text);
    resolve(c, "cheap");
    same(record.provider->dialect, "anthropic");
    same(record.s.base_url, "https://llm.north.example.com");
    same(record.s.api_version, "v");
    same(record.embedding_model, "e");
    assert_int_equal(record.provider->auth, LLMFI_AUTH_BEARER);
    assert_int_equal(record.provider->default_max_tokens, 99);
    assert_int_equal(record.provider->embedding_batch, 7);
    same(record.provider->default_model, "big");
    same(llmfi_entry_text(record.provider->node, "models_path"), "/v2/models");
    same(record.provider->api_key_file, "f");
    same(record.provider->api_key_command, "c");
    same(record.provider->headers->child->text, "p");
    assert_int_equal(record.s.quirks, LLMFI_Q_NO_REASONING);
    assert_int_equal(record.provider->rpm, 5); /* of all its models together */
    assert_int_equal(record.provider->tpm, 6);
    assert_int_equal(record.rpm, 0);
    assert_int_equal(record.retry.max_retries, 2);
    assert_int_equal(record.timeouts.total_ms, 9000);
    assert_int_equal(record.price.cache_read, 1000000);
    assert_int_equal(record.price.cache_write, 2000000);
    assert_int_equal(record.price.input, LLMF_UNKNOWN);
    same(llmfi_record_key(&record, &env, &auth), "k1");
    resolve(c, "free:x");
    assert_int_equal(record.s.quirks, LLMFI_Q_NO_KEY_NEEDED);
    same(llmfi_record_key(&record, &env, &auth), "k2");
    assert_int_equal(record.retry.max_retries, 0);
    llmfi_config_release(c);
}

/* ---- what is wrong, and where ---- */

static const struct {
    const char *text, *message;              /* behind "config_text:"; the list of what is known may follow */
    int code;
    size_t count;
} bad[] = {
    {"models: {fast: {provider: openai, model_id: gpt-4o, max_token: 5}}",
     "1:53: error: unknown key max_token; did you mean max_tokens?", LLMF_ERR_CONFIG, 1},
    {"models: {fast: {provider: openai, model_id: gpt-4o, temprature: 0.5}}",
     "1:53: error: unknown key temprature; did you mean temperature?", LLMF_ERR_CONFIG, 1},
    {"models: {fast: {provider: openai, model_id: gpt-4o, zzzzqqqq: 1}}",
     "1:53: error: unknown key zzzzqqqq; remove it, or see docs/config.schema.json for all keys", LLMF_ERR_CONFIG, 1},
    {"modles: {fast: {provider: openai}}",
     "1:1: error: unknown key modles; did you mean models or routes?", LLMF_ERR_CONFIG, 1},
    {"model: {fast: {provider: openai}}",
     "1:1: error: unknown key model; did you mean models or model_id?", LLMF_ERR_CONFIG, 1},
    {"models: {fast: {provider: opnai, model_id: gpt-4o}}",
     "1:27: error: unknown provider opnai; did you mean openai? Known:", LLMF_ERR_UNKNOWN_PROVIDER, 1},
    {"models: {fast: {provider: acme, model_id: x}}",
     "1:27: error: unknown provider acme; known:", LLMF_ERR_UNKNOWN_PROVIDER, 1},
    {"models: {fast: {provider: openai}}",
     "1:10: error: the model fast has no model_id; add the key model_id with the provider's id of the model", LLMF_ERR_CONFIG, 1},
    {"models: {fast: {model_id: some-model}}",
     "1:10: error: the model fast names no provider; add the key provider", LLMF_ERR_CONFIG, 1},
    {"models: {fast: {provider: openai, model_id: \"\"}}",
     "1:45: error: model_id is empty; give it a value, or remove the key", LLMF_ERR_CONFIG, 1},
    {"models: {fast: {provider: openai, model_id: 42}}",
     "1:45: error: model_id must be a text; put it in quotes", LLMF_ERR_CONFIG, 1},
    {"models: {fast: {provider: [openai], model_id: x}}",
     "1:27: error: provider must be a text, not a list or mapping", LLMF_ERR_CONFIG, 1},
    {"models: {fast: {provider: openai, model_id: x, temperature: 2.1}}",
     "1:61: error: temperature must be a number from 0 to 2", LLMF_ERR_CONFIG, 1},
    {"models: {fast: {provider: openai, model_id: x, temperature: -0.1}}",
     "1:61: error: temperature must be a number from 0 to 2", LLMF_ERR_CONFIG, 1},
    {"models: {fast: {provider: openai, model_id: x, temperature: hot}}",
     "1:61: error: temperature must be a number from 0 to 2", LLMF_ERR_CONFIG, 1},
    {"models: {fast: {provider: openai, model_id: x, top_p: 1.5}}",
     "1:55: error: top_p must be a number from 0 to 1", LLMF_ERR_CONFIG, 1},
    {"models: {fast: {provider: openai, model_id: x, max_tokens: 0}}",
     "1:60: error: max_tokens must be a whole number of at least 1", LLMF_ERR_CONFIG, 1},
    {"models: {fast: {provider: openai, model_id: x, max_tokens: 1.5}}",
     "1:60: error: max_tokens must be a whole number of at least 1", LLMF_ERR_CONFIG, 1},
    {"models: {fast: {provider: openai, model_id: x, max_tokens: \"100\"}}",
     "1:60: error: max_tokens must be a whole number of at least 1, without quotes", LLMF_ERR_CONFIG, 1},
    {"models: {fast: {provider: openai, model_id: x, max_tokens: true}}",
     "1:60: error: max_tokens must be a whole number of at least 1", LLMF_ERR_CONFIG, 1},
    {"models: {fast: {provider: openai, model_id: x, input_token_cost_usd_per_million: -1}}",
     "1:82: error: input_token_cost_usd_per_million must be a number from 0 to 2000000", LLMF_ERR_CONFIG, 1},
    {"models: {fast: {provider: openai, model_id: x, output_token_cost_usd_per_million: 0.0000001}}",
     "1:83: error: output_token_cost_usd_per_million has more than six decimals; it is US dollars per million tokens", LLMF_ERR_CONFIG, 1},
    {"models: {fast: {provider: openai, model_id: x, output_token_cost_usd_per_million: cheap}}",
     "1:83: error: output_token_cost_usd_per_million must be a number from 0 to 2000000", LLMF_ERR_CONFIG, 1},
    {"models: {fast: {provider: openai, model_id: x, cache_read_token_cost_usd_per_million: 3000000}}",
     "1:87: error: cache_read_token_cost_usd_per_million must be a number from 0 to 2000000", LLMF_ERR_CONFIG, 1},
    {"models: {fast: {provider: openai, model_id: x, budget_usd: -5}}",
     "1:60: error: budget_usd must be a number from 0 to 9000000", LLMF_ERR_CONFIG, 1},
    {"models: {fast: {provider: openai, model_id: x, base_url: api.openai.com}}",
     "1:58: error: base_url: the URL does not begin with a scheme such as https://; write it as https://host/path", LLMF_ERR_CONFIG, 1},
    {"models: {fast: {provider: openai, model_id: x, base_url: \"https://user:secret@host/v1\"}}",
     "1:58: error: base_url: a user name or password does not belong in a URL: use a header or api_key; write it as https://host/path", LLMF_ERR_CONFIG, 1},
    {"models: {fast: {provider: openai, model_id: x, base_url: \"ftp://host\"}}",
     "1:58: error: base_url: must begin with https:// or http://; write it as https://host/path", LLMF_ERR_CONFIG, 1},
    {"models: {fast: {provider: openai, model_id: x, base_url: \"https://host{region\"}}",
     "1:58: error: base_url: has a { without a }; write it as https://host/path", LLMF_ERR_CONFIG, 1},
    {"models: {fast: {provider: openai, model_id: x, base_url: \"https://ho st/\"}}",
     "1:58: error: base_url: a blank, a control character or a byte that needs percent-encoding; write it as https://host/path", LLMF_ERR_CONFIG, 1},
    {"models: {fast: {provider: openai, model_id: x, api_key_env_var: sk-proj-123}}",
     "1:65: error: api_key_env_var must be the name of a variable (letters, digits and _), not the key itself", LLMF_ERR_CONFIG, 1},
    {"models: {fast: {provider: openai, model_id: x, api_key: \"a\\nb\"}}",
     "1:57: error: api_key holds a line break or control character; look at how it is stored", LLMF_ERR_CONFIG, 1},
    {"models: {fast: {provider: openai, model_id: x, api_key: ${NO_SUCH_KEY}}}",
     "1:58: error: no , or } behind an entry: put one there, or quote the text", LLMF_ERR_CONFIG, 1},
    {"models: {fast: {provider: openai, model_id: \"${1X}\"}}",
     "1:45: error: ${...} must be ${NAME} or ${NAME:-default}; write $${ for the characters themselves", LLMF_ERR_CONFIG, 1},
    {"models: {fast: {provider: openai, model_id: \"${X-y}\"}}",
     "1:45: error: ${...} must be ${NAME} or ${NAME:-default}; write $${ for the characters themselves", LLMF_ERR_CONFIG, 1},
    {"models: {fast: {provider: openai, model_id: \"a${X\"}}",
     "1:45: error: ${ without a }; close it, or write $${ for the characters themselves", LLMF_ERR_CONFIG, 1},
    {"models: {fast: {provider: openai, model_id: x, headers: [a]}}",
     "1:57: error: headers must be a mapping of header names to texts", LLMF_ERR_CONFIG, 1},
    {"models: {fast: {provider: openai, model_id: x, headers: {X-A: 1}}}",
     "1:63: error: headers has a value that is not a text; put it in quotes", LLMF_ERR_CONFIG, 1},
    {"models: {fast: {provider: openai, model_id: x, headers: {\"X A\": \"1\"}}}",
     "1:65: error: headers has a name with a character that no header has; use letters, digits and -", LLMF_ERR_CONFIG, 1},
    {"models: {fast: {provider: openai, model_id: x, headers: {X-A: \"1\\r\\nX-B: 2\"}}}",
     "1:63: error: headers has a value with a line break or control character; remove it", LLMF_ERR_CONFIG, 1},
    {"models: {fast: {provider: openai, model_id: x, headers: {Host: evil}}}",
     "1:64: error: headers has a header that the library sets itself; remove it", LLMF_ERR_CONFIG, 1},
    {"models: {fast: {provider: openai, model_id: x, stop: [a, 1]}}",
     "1:54: error: stop must be a text or a list of texts", LLMF_ERR_CONFIG, 1},
    {"models: {fast: {provider: openai, model_id: x, stop: \"\"}}",
     "1:54: error: stop has a text that is empty or holds a NUL; remove it", LLMF_ERR_CONFIG, 1},
    {"models: {fast: {provider: openai, model_id: x, extra: [1]}}",
     "1:55: error: extra must be a mapping", LLMF_ERR_CONFIG, 1},
    {"models: {fast: {provider: openai, model_id: x, reasoning_effort: enormous}}",
     "1:66: error: reasoning_effort must be none, minimal, low, medium, high, xhigh, max or a number of tokens", LLMF_ERR_CONFIG, 1},
    {"models: {fast: {provider: openai, model_id: x, reasoning_effort: 0}}",
     "1:66: error: reasoning_effort must be none, minimal, low, medium, high, xhigh, max or a number of tokens", LLMF_ERR_CONFIG, 1},
    {"models: {fast: {provider: openai, model_id: x, timeout_total: 0}}",
     "1:63: error: timeout_total must be a time above 0 such as 30s, 500ms or 2m (a bare number is seconds), or none", LLMF_ERR_CONFIG, 1},
    {"models: {fast: {provider: openai, model_id: x, timeout_total: 5 hours}}",
     "1:63: error: timeout_total must be a time above 0 such as 30s, 500ms or 2m (a bare number is seconds), or none", LLMF_ERR_CONFIG, 1},
    {"models: {fast: {provider: openai, model_id: x, timeout_idle: -3}}",
     "1:62: error: timeout_idle must be a time above 0 such as 30s, 500ms or 2m (a bare number is seconds), or none", LLMF_ERR_CONFIG, 1},
    {"models: {fast: {provider: openai, model_id: x, max_retries: 10001}}",
     "1:61: error: max_retries must be a whole number from 0 to 10000", LLMF_ERR_CONFIG, 1},
    {"models: {fast: {provider: openai, model_id: x, rpm: 0}}",
     "1:53: error: rpm must be a whole number of at least 1", LLMF_ERR_CONFIG, 1},
    {"models: {fast: {provider: openai, model_id: x, weight: -1}}",
     "1:56: error: weight must be a number from 0 to 1000000", LLMF_ERR_CONFIG, 1},
    {"models: {fast: {provider: openai, model_id: x, quirks: {no_streem_options: true}}}",
     "1:57: error: unknown quirk no_streem_options; did you mean no_stream_options?", LLMF_ERR_CONFIG, 1},
    {"models: {fast: {provider: openai, model_id: x, quirks: {no_stream_options: 1}}}",
     "1:76: error: quirks has a value that must be true or false", LLMF_ERR_CONFIG, 1},
    {"models: {fast: {provider: openai, model_id: x, quirks: 5}}",
     "1:56: error: quirks must be a list of names, or a mapping of names to true or false", LLMF_ERR_CONFIG, 1},
    {"models: {fast: {provider: openai, model_id: x, capabilities: [telepathy]}}",
     "1:63: error: capabilities must be of: tools, images, audio, files, reasoning, schema, embeddings, transcription", LLMF_ERR_CONFIG, 1},
    {"models: {fast: {provider: openai, model_id: x, quality: {a: 1.01}}}",
     "1:61: error: quality must be a number from 0 to 1", LLMF_ERR_CONFIG, 1},
    {"models: {fast: {provider: openai, model_id: x, quality: {a: 1, b: good}}}",
     "1:67: error: quality must be a number from 0 to 1", LLMF_ERR_CONFIG, 1},
    {"models: {fast: {provider: openai, model_id: x, quality: -0.1}}",
     "1:57: error: quality must be a number from 0 to 1", LLMF_ERR_CONFIG, 1},
    {"models: {fast: {provider: openai, model_id: x, quality: high}}",
     "1:57: error: quality must be a number from 0 to 1, or a mapping of use cases to such numbers", LLMF_ERR_CONFIG, 1},
    {"models: {fast: {provider: openai, model_id: x, quality: {}}}",
     "1:57: error: quality must be a number from 0 to 1, or a mapping of use cases to such numbers", LLMF_ERR_CONFIG, 1},
    {"models: {fast: {provider: openai, model_id: x, use_cases: [chat, 5]}}",
     "1:59: error: use_cases must be a text or a list of texts", LLMF_ERR_CONFIG, 1},
    {"models: {fast: {provider: openai, model_id: x, fallbacks: [slow]}}",
     "1:60: error: unknown model slow; it must be a key of the config, an id of the table, or provider:model", LLMF_ERR_UNKNOWN_MODEL, 1},
    {"models: {fast: {provider: openai, model_id: x, fallbacks: {a: 1}}}",
     "1:59: error: fallbacks must be a text or a list of texts", LLMF_ERR_CONFIG, 1},
    {"models: {fast: {provider: openai, model_id: x, description: 7}}",
     "1:61: error: description must be a text; put it in quotes", LLMF_ERR_CONFIG, 1},
    {"models: {fast: {provider: openai, model_id: x, dialect: openai}}",
     "1:48: error: the key dialect belongs to a provider; put it into an entry of providers", LLMF_ERR_CONFIG, 1},
    {"models: {fast: openai}",
     "1:16: error: an entry must be a mapping with the keys of a model", LLMF_ERR_CONFIG, 1},
    {"models: [1]",
     "1:10: error: an entry must be a mapping with the keys of a model", LLMF_ERR_CONFIG, 1},
    {"models: fast",
     "1:9: error: models must be a mapping of names to models", LLMF_ERR_CONFIG, 1},
    {"models: [{provider: openai, model_id: x}]",
     "1:10: error: this model has no key; give it the key name", LLMF_ERR_CONFIG, 1},
    {"models: {\" fast\": {provider: openai, model_id: x}}",
     "1:10: error: a model's key must have no blanks at its ends and no control characters", LLMF_ERR_CONFIG, 1},
    {"providers: {office: {base_url: \"http://h/v1\"}}",
     "1:13: error: the provider office is new: it needs the keys dialect and base_url", LLMF_ERR_CONFIG, 1},
    {"providers: {office: {dialect: openai}}",
     "1:13: error: the provider office is new: it needs the keys dialect and base_url", LLMF_ERR_CONFIG, 1},
    {"providers: {opnai: {default_model: x}}",
     "1:13: error: the provider opnai is new: it needs the keys dialect and base_url; did you mean openai?", LLMF_ERR_CONFIG, 1},
    {"providers: {office: {dialect: opnai, base_url: \"http://h/v1\"}}",
     "1:31: error: unknown dialect opnai; did you mean openai?", LLMF_ERR_CONFIG, 1},
    {"providers: {office: {dialect: openai, base_url: \"http://h/v1\", auth: magic}}",
     "1:70: error: auth must be one of: none, bearer, x-api-key, api-key, x-goog-api-key, x-portkey-api-key, aws; or {header: X-Key, prefix: \"Token \"}", LLMF_ERR_CONFIG, 1},
    {"providers: {office: {dialect: openai, base_url: \"http://h/v1\", auth: {prefix: \"T \"}}}",
     "1:70: error: auth as a mapping needs the key header: the header's name, such as X-Key", LLMF_ERR_CONFIG, 1},
    {"providers: {office: {dialect: openai, base_url: \"http://h/v1\", auth: {header: \"\"}}}",
     "1:70: error: auth as a mapping needs the key header: the header's name, such as X-Key", LLMF_ERR_CONFIG, 1},
    {"providers: {office: {dialect: openai, base_url: \"http://h/v1\", auth: {header: X-Key, prefx: T}}}",
     "1:93: error: auth as a mapping has the keys header and prefix, and no others", LLMF_ERR_CONFIG, 1},
    {"providers: {office: {dialect: openai, base_url: \"http://h/v1\", auth: {header: X-Key, prefix: 5}}}",
     "1:94: error: auth has a header or prefix that is not a text without line breaks; put it in quotes", LLMF_ERR_CONFIG, 1},
    {"providers: {office: {dialect: openai, base_url: \"http://h/v1\", auth: {header: X-Key, prefix: \"a\\nb\"}}}",
     "1:94: error: auth has a header or prefix that is not a text without line breaks; put it in quotes", LLMF_ERR_CONFIG, 1},
    {"providers: {office: {dialect: openai, base_url: \"http://h/v1\", auth: {header: \"X Key\"}}}",
     "1:79: error: auth names a header with a character that no header has", LLMF_ERR_CONFIG, 1},
    {"providers: {office: {dialect: openai, base_url: \"http://h/v1\", auth: {header: Content-Length}}}",
     "1:79: error: auth names a header that the library sets itself; the key needs another one", LLMF_ERR_CONFIG, 1},
    {"providers: {office: {dialect: openai, base_url: \"http://h/v1\", max_tokens: 5}}",
     "1:64: error: the key max_tokens belongs to a model; put it into an entry of models", LLMF_ERR_CONFIG, 1},
    {"providers: {\"of fice\": {dialect: openai, base_url: \"http://h/v1\"}}",
     "1:13: error: a provider's name must have letters, digits, _ - and . only, at most 64 of them", LLMF_ERR_CONFIG, 1},
    {"providers: [openai]",
     "1:12: error: providers must be a mapping of names to providers", LLMF_ERR_CONFIG, 1},
    {"providers: {openai: {embedding_batch: -1}}",
     "1:39: error: embedding_batch must be a whole number from 0 to 1000000", LLMF_ERR_CONFIG, 1},
    {"default_model: nope",
     "1:16: error: unknown model nope; it must be a key of the config, an id of the table, or provider:model", LLMF_ERR_UNKNOWN_MODEL, 1},
    {"default_provider: opnai",
     "1:19: error: unknown provider opnai; did you mean openai? Known:", LLMF_ERR_UNKNOWN_PROVIDER, 1},
    {"default_model: [a]",
     "1:16: error: default_model must be a text, not a list or mapping", LLMF_ERR_CONFIG, 1},
    {"fallbacks: {nope: [gpt-4o]}",
     "1:13: error: unknown model nope; it must be a key of the config, an id of the table, or provider:model", LLMF_ERR_UNKNOWN_MODEL, 1},
    {"fallbacks: {gpt-4o: [nope]}",
     "1:22: error: unknown model nope; it must be a key of the config, an id of the table, or provider:model", LLMF_ERR_UNKNOWN_MODEL, 1},
    {"fallbacks: {gpt-4o: 5}",
     "1:21: error: fallbacks must be a text or a list of texts", LLMF_ERR_CONFIG, 1},
    {"routes: [a]",
     "1:9: error: routes must be a mapping of names to routes", LLMF_ERR_CONFIG, 1},
    {"routes: {a: fast}",
     "1:13: error: a route must be a mapping of rule, candidates, threshold, task and budget_usd", LLMF_ERR_CONFIG, 1},
    {"routes: {\" a\": {}}",
     "1:10: error: a route's name must not be empty, and have no blanks at its ends and no control characters", LLMF_ERR_CONFIG, 1},
    {"routes: {a: {rules: cheapest}}",
     "1:14: error: unknown key of a route rules; did you mean rule?", LLMF_ERR_CONFIG, 1},
    {"routes: {a: {zzzzzzzz: 1}}",
     "1:14: error: unknown key of a route zzzzzzzz; remove it, or see docs/config.schema.json for all keys", LLMF_ERR_CONFIG, 1},
    {"routes: {a: {rule: cheepest}}",
     "1:20: error: rule must be cheapest, quality, latency, weighted, round_robin, split or scored; did you mean cheapest?", LLMF_ERR_CONFIG, 1},
    {"routes: {a: {rule: \"${SECRET}\"}}",
     "1:20: error: rule must be cheapest, quality, latency, weighted, round_robin, split or scored", LLMF_ERR_CONFIG, 1},
    {"routes: {a: {rule: 5}}",
     "1:20: error: rule must be a text; put it in quotes", LLMF_ERR_CONFIG, 1},
    {"routes: {a: {threshold: 1.5}}",
     "1:25: error: threshold must be a number from 0 to 1", LLMF_ERR_CONFIG, 1},
    {"routes: {a: {threshold: -0.5}}",
     "1:25: error: threshold must be a number from 0 to 1", LLMF_ERR_CONFIG, 1},
    {"routes: {a: {budget_usd: -1}}",
     "1:26: error: budget_usd must be a number from 0 to 9000000", LLMF_ERR_CONFIG, 1},
    {"routes: {a: {budget_usd: 0.0000000000001}}",
     "1:26: error: budget_usd has more than twelve decimals; round it", LLMF_ERR_CONFIG, 1},
    {"routes: {a: {task: \"\"}}",
     "1:20: error: task is empty; give it a value, or remove the key", LLMF_ERR_CONFIG, 1},
    {"routes: {a: {candidates: []}}",
     "1:26: error: candidates must be a list of models; leave it out for all models of the config", LLMF_ERR_CONFIG, 1},
    {"routes: {a: {candidates: {model: gpt-4o}}}",
     "1:26: error: candidates must be a list of models; leave it out for all models of the config", LLMF_ERR_CONFIG, 1},
    {"routes: {a: {candidates: [gpt-4o, 5]}}",
     "1:35: error: a candidate must be the name of a model, or a mapping of model, weight, use_cases and quality", LLMF_ERR_CONFIG, 1},
    {"routes: {a: {candidates: [gpt-4o, nope]}}",
     "1:35: error: unknown model nope; it must be a key of the config, an id of the table, or provider:model", LLMF_ERR_UNKNOWN_MODEL, 1},
    {"routes: {a: {candidates: [{model: gtp-4o}]}}",
     "1:35: error: unknown model gtp-4o; did you mean gpt-4o, gpt-4 or gpt-5? It must be a key of the config, an id of the table, or provider:model", LLMF_ERR_UNKNOWN_MODEL, 1},
    {"routes: {a: {candidates: [{model: \"${SECRET}\"}]}}",
     "1:35: error: the variable here names no known model; look at its value", LLMF_ERR_UNKNOWN_MODEL, 1},
    {"routes: {a: {candidates: [gpt-4o, {model: gpt-4o, weight: 2}]}}",
     "1:35: error: candidates has this model twice; remove one of the two, or give it more weight", LLMF_ERR_CONFIG, 1},
    {"routes: {a: {candidates: [{weight: 2}]}}",
     "1:27: error: a candidate needs the key model: the name of the model", LLMF_ERR_CONFIG, 1},
    {"routes: {a: {candidates: [{model: gpt-4o, wieght: 2}]}}",
     "1:43: error: unknown key of a candidate wieght; did you mean weight?", LLMF_ERR_CONFIG, 1},
    {"routes: {a: {candidates: [{model: gpt-4o, weight: -2}]}}",
     "1:51: error: weight must be a number from 0 to 1000000", LLMF_ERR_CONFIG, 1},
    {"routes: {a: {candidates: [{model: gpt-4o, quality: 2}]}}",
     "1:52: error: quality must be a number from 0 to 1", LLMF_ERR_CONFIG, 1},
    {"routes: {a: {candidates: [{model: gpt-4o, use_cases: {a: b}}]}}",
     "1:54: error: use_cases must be a text or a list of texts", LLMF_ERR_CONFIG, 1},
    {"routes: {a: {}, b: {candidates: [a]}}",
     "1:34: error: a is a route; name a model here", LLMF_ERR_UNKNOWN_MODEL, 1},
    {"{default_model: a, routes: {a: {}}}",
     "1:17: error: a is a route; name a model here", LLMF_ERR_UNKNOWN_MODEL, 1},
    {"{default_provider: openai, routes: {a: {}, b: {candidates: [a]}}}",
     "1:61: error: a is a route; name a model here", LLMF_ERR_UNKNOWN_MODEL, 1},
    {"{models: {a: {provider: openai, model_id: x}}, routes: {a: {}}}",
     "1:57: error: the route a has the name of a model; call one of the two otherwise", LLMF_ERR_CONFIG, 1},
    {"{max_tokens: 5, models: {}}",
     "1:2: error: the key max_tokens belongs to a model; put it into an entry of models", LLMF_ERR_CONFIG, 1},
    {"{provider: openai, model_id: gpt-4o}",
     "1:1: error: this model has no key; give it the key name", LLMF_ERR_CONFIG, 1},
    {"[1, 2]",
     "1:1: error: a config is a mapping: keys of a model, or sections such as models and providers", LLMF_ERR_CONFIG, 1},
    {"just text",
     "1:1: error: a config is a mapping: keys of a model, or sections such as models and providers", LLMF_ERR_CONFIG, 1},
    {"a: 1\na: 2",
     "2:1: error: this key stands here a second time: keep one of the two", LLMF_ERR_CONFIG, 1},
    {"a: [1",
     "1:4: error: this bracket is never closed: put its ] or } behind the last entry", LLMF_ERR_CONFIG, 1},
    {"a: &x 1",
     "1:4: error: anchors (&name) are not supported: remove it, write the value out at each place; quote a text that begins with &", LLMF_ERR_CONFIG, 1},
    {"\ta: 1",
     "1:2: error: a tab in the indentation: use spaces", LLMF_ERR_CONFIG, 1},
    {"models: {fast: {provider: openai, model_id: \"${NO_SUCH}\"}}",
     "1:45: error: the variable NO_SUCH is not set; set it, or write ${NO_SUCH:-default}", LLMF_ERR_CONFIG, 1},
    {"models: {fast: {provider: openai, model_id: x, headers: {X-Key: \"${NO_SUCH}\"}}}",
     "1:65: error: the variable NO_SUCH is not set; set it, or write ${NO_SUCH:-default}", LLMF_ERR_CONFIG, 1},
    {"models: {fast: {provider: openai, model_id: x, max_tokens: \"${SECRET}\"}}",
     "1:60: error: max_tokens must be a whole number of at least 1", LLMF_ERR_CONFIG, 1},
    {"models: {fast: {provider: \"${SECRET}\", model_id: x}}",
     "1:27: error: the variable here names no known provider; look at its value", LLMF_ERR_UNKNOWN_PROVIDER, 1},
    {"models: {fast: {provider: openai, model_id: x, fallbacks: [\"${SECRET}\"]}}",
     "1:60: error: the variable here names no known model; look at its value", LLMF_ERR_UNKNOWN_MODEL, 1},
    {"models: {fast: {provider: openai, model_id: x, base_url: \"${SECRET}\"}}",
     "1:58: error: base_url: the URL does not begin with a scheme such as https://; write it as https://host/path", LLMF_ERR_CONFIG, 1},
    {"models: {fast: {provider: openai, model_id: x, extra: {a: {b: [\"${NO_SUCH}\"]}}}}",
     "1:64: error: the variable NO_SUCH is not set; set it, or write ${NO_SUCH:-default}", LLMF_ERR_CONFIG, 1},
    {"providers: {office: {dialect: \"${SECRET}\", base_url: \"http://h/v1\", api_key_env_var: \"${SECRET}\"}}",
     "1:86: error: api_key_env_var must be the name of a variable (letters, digits and _), not the key itself", LLMF_ERR_CONFIG, 1},
    {"models: {fast: {provider: openai, model_id: gpt5, fallbacks: [gtp-4o]}}",
     "1:63: error: unknown model gtp-4o; did you mean gpt-4o, gpt-4 or gpt-5? It must be a key of the config, an id of the table, or provider:model", LLMF_ERR_UNKNOWN_MODEL, 1},
    {"models: {fast: {provider: openai, model_id: x, fallbacks: [opnai:gpt-4o]}}",
     "1:60: error: unknown model opnai:gpt-4o; did you mean openai:gpt-4o? It must be a key of the config, an id of the table, or provider:model; known:", LLMF_ERR_UNKNOWN_MODEL, 1},
    {"models: {fast: {provider: openai, model_id: x, fallbacks: [openai]}}",
     "1:60: error: unknown model openai, which is a provider; write openai:model", LLMF_ERR_UNKNOWN_MODEL, 1},
    {"budgets: 5",
     "1:10: error: budgets must be a mapping of call_usd, process_usd, day_usd, models, routes and alerts", LLMF_ERR_CONFIG, 1},
    {"budgets: {dayusd: 5}",
     "1:11: error: unknown key of budgets dayusd; did you mean day_usd?", LLMF_ERR_CONFIG, 1},
    {"budgets: {day_usd: -5}",
     "1:20: error: day_usd must be a number from 0 to 9000000", LLMF_ERR_CONFIG, 1},
    {"budgets: {day_usd: lots}",
     "1:20: error: day_usd must be a number from 0 to 9000000", LLMF_ERR_CONFIG, 1},
    {"budgets: {call_usd: 9000001}",
     "1:21: error: call_usd must be a number from 0 to 9000000", LLMF_ERR_CONFIG, 1},
    {"budgets: {process_usd: 0.1234567890123}",
     "1:24: error: process_usd has more than twelve decimals; round it", LLMF_ERR_CONFIG, 1},
    {"budgets: {models: 5}",
     "1:19: error: models must be a mapping of models' names to US dollars", LLMF_ERR_CONFIG, 1},
    {"budgets: {models: {gpt-4o: free}}",
     "1:28: error: budgets.models must be a number from 0 to 9000000", LLMF_ERR_CONFIG, 1},
    {"budgets: {models: {gtp-4o: 1}}",
     "1:20: error: unknown model gtp-4o; did you mean gpt-4o, gpt-4 or gpt-5? It must be a key of the config, an id of the table, or provider:model", LLMF_ERR_UNKNOWN_MODEL, 1},
    {"{budgets: {models: {a: 1}}, routes: {a: {}}}",
     "1:21: error: a is a route; name a model here", LLMF_ERR_UNKNOWN_MODEL, 1},
    {"budgets: {routes: [a]}",
     "1:19: error: routes must be a mapping of routes' names to US dollars", LLMF_ERR_CONFIG, 1},
    {"{budgets: {routes: {caht: 1}}, routes: {chat: {}}}",
     "1:21: error: unknown route caht; did you mean chat?", LLMF_ERR_UNKNOWN_MODEL, 1},
    {"budgets: {routes: {chat: 1}}",
     "1:20: error: unknown route chat; it must be a key of the section routes", LLMF_ERR_UNKNOWN_MODEL, 1},
    {"budgets: {alerts: 0.5}",
     "1:19: error: alerts must be a list of at most 8 shares, each above 0 and at most 1, such as [0.5, 0.8, 1.0]", LLMF_ERR_CONFIG, 1},
    {"budgets: {alerts: [0.5, 0]}",
     "1:25: error: alerts must be a list of at most 8 shares, each above 0 and at most 1, such as [0.5, 0.8, 1.0]", LLMF_ERR_CONFIG, 1},
    {"budgets: {alerts: [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]}",
     "1:19: error: alerts must be a list of at most 8 shares, each above 0 and at most 1, such as [0.5, 0.8, 1.0]", LLMF_ERR_CONFIG, 1},
    {"budgets: {alerts: [1.000001]}",
     "1:20: error: alerts must be a list of at most 8 shares, each above 0 and at most 1, such as [0.5, 0.8, 1.0]", LLMF_ERR_CONFIG, 1},
    {"budgets: {day_usd: \"${NO_SUCH}\"}",
     "1:20: error: the variable NO_SUCH is not set; set it, or write ${NO_SUCH:-default}", LLMF_ERR_CONFIG, 1},
    {"prompts: [a]",
     "1:10: error: prompts must be a mapping of names to prompts", LLMF_ERR_CONFIG, 1},
};

static void test_bad(void **state) {
    static const char *const list[] = {"SECRET=sk-secret", NULL};
    size_t i, j;
    (void)state;
    variables = list;
    for (i = 0; i < LLMFI_COUNT(bad); i++) {
        llmfi_config *c = load_text(bad[i].text);
        char expected[512];
        size_t len = (size_t)snprintf(expected, sizeof expected, "config_text:%s", bad[i].message);
        bool listed = llmfi_ends(llmfi_cstr(bad[i].message), LLMFI_LIT("nown:"));
        if (problem_count != bad[i].count || (listed ? strncmp(problems[0].text, expected, len) : strcmp(problems[0].text, expected)) != 0)
            print_error("%s\n  expected %s\n  got %d: %s\n", bad[i].text, expected, (int)problem_count, problem_count ? problems[0].text : "");
        assert_int_equal(problem_count, bad[i].count);
        assert_int_equal(listed ? strncmp(problems[0].text, expected, len) : strcmp(problems[0].text, expected), 0);
        assert_int_equal(problems[0].code, bad[i].code);
        assert_int_equal(problems[0].retry_after_ms, -1);
        for (j = 0; j < problem_count; j++) {
            char place[64];
            snprintf(place, sizeof place, "config_text:%u:%u: error: ", (unsigned)problems[j].line, (unsigned)problems[j].column);
            assert_int_equal(strncmp(problems[j].text, place, strlen(place)), 0);
            assert_null(strstr(problems[j].text, "sk-secret"));
        }
        llmfi_config_release(c);
        assert_int_equal(heap.used, 0);
    }
}

/* Sources are laid over one another, member by member; variables count. */
static void test_budgets_and_routes(void **state) {
    static const char *const list[] = {"USD=2.5", "W=3", "Q=0.25", NULL};
    static const char text[] =
        "models: {fast: {provider: openai, model_id: x, budget_usd: 1}, slow: {provider: openai, model_id: y}}\n"
        "budgets: {call_usd: 0.000000000001, day_usd: \"${USD}\", models: {gpt-4o: 3, fast: 0.5}, routes: {chat: 7}, alerts: [0.9, 0.000001, 1]}\n"
        "routes:\n"
        "  chat: {rule: split, candidates: [fast, {model: slow, weight: \"${W}\", quality: {code: \"${Q}\"}, use_cases: code}], threshold: 0.25, task: talk, budget_usd: 5, description: d}\n"
        "  any: {}\n"
        "  one: {candidates: slow}\n";
    llmfi_config *c;
    const llmfi_route *r;
    (void)state;
    variables = list;
    c = load_good(text);
    assert_int_equal(c->budgets.call, 1);
    assert_int_equal(c->budgets.process, LLMF_UNKNOWN);
    assert_int_equal(c->budgets.day, INT64_C(2500000000000));
    assert_int_equal(c->budgets.alert_count, 3);
    assert_int_equal(c->budgets.alerts_ppm[1], 1);
    assert_int_equal(c->budgets.models->count, 2);
    assert_int_equal(c->budgets.routes->count, 1);
    r = llmfi_config_route(c, LLMFI_LIT("chat"));
    assert_int_equal(r->rule, LLMFI_RULE_SPLIT);
    assert_true(r->threshold == 0.25);
    same(r->task, "talk");
    assert_int_equal(r->budget_pico, INT64_C(5000000000000));
    assert_int_equal(r->count, 2);
    same(r->candidates[0].model, "fast");
    assert_true(r->candidates[0].weight == 0 && r->candidates[1].weight == 3);
    same(r->candidates[1].use_cases->child->text, "code");
    assert_int_equal(llmfi_member(r->candidates[1].quality, LLMFI_LIT("code"))->type, LLMFI_NUMBER);
    r = llmfi_config_route(c, LLMFI_LIT("any"));
    assert_true(r->rule == LLMFI_RULE_CHEAPEST && r->count == 0 && r->threshold == 0.5 && r->budget_pico == LLMF_UNKNOWN);
    assert_int_equal(llmfi_config_route(c, LLMFI_LIT("one"))->count, 1);
    assert_null(llmfi_config_route(c, LLMFI_LIT("two")));
    llmfi_config_release(c);
    c = load_good("budgets: {alerts: []}");
    assert_int_equal(c->budgets.alert_count, 0);
    llmfi_config_release(c);
    c = load_good("budgets: {alerts: null, day_usd: null}\nroutes: {a: {rule: null, candidates: null}}");
    assert_int_equal(c->budgets.alert_count, 3);
    assert_int_equal(c->budgets.day, LLMF_UNKNOWN);
    llmfi_config_release(c);
}

/* Reading goes on behind a problem, and each has its place. */
static void test_all_problems(void **state) {
    llmfi_config *c = load_text("models:\n  a:\n    provider: openai\n    model_id: x\n    temperature: 9\n    max_token: 1\n  b:\n    provider: nobody\n    model_id: y\nprovider: {}\n");
    static const uint32_t places[][2] = {{5, 18}, {6, 5}, {10, 1}, {8, 15}};
    size_t i;
    (void)state;
    assert_int_equal(problem_count, LLMFI_COUNT(places));
    for (i = 0; i < LLMFI_COUNT(places); i++) {
        assert_int_equal(problems[i].line, places[i][0]);
        assert_int_equal(problems[i].column, places[i][1]);
    }
    resolve(c, "a"); /* what was right is there */
    assert_true(record.temperature == 0);
    llmfi_config_release(c);
}

static void test_warnings(void **state) {
    llmfi_config *c = load_good("models: {a: {provider: openai, model_id: x, api_key: sk-literal}}\nproviders: {own: {dialect: registered_later, base_url: 'http://h'}}");
    int auth;
    (void)state;
    assert_int_equal(warning_count, 2);
    resolve(c, "a");
    same(llmfi_record_key(&record, &env, &auth), "sk-literal");
    llmfi_config_release(c);
}

/* ---- variables ---- */

static void test_expansion(void **state) {
    static const char *const list[] = {"A=one", "EMPTY=", "N=42", "T=0.5", "URL=https://h:1/v1", "KEY=sk-1", NULL};
    llmfi_config *c;
    int auth;
    (void)state;
    variables = list;
    c = load_good("name: m\nprovider: openai\nmodel_id: x-${A}-${EMPTY:-two}-${NO:-three}-$${A}-$A\nmax_tokens: ${N}\ntemperature: ${T}\n"
                  "base_url: ${URL}\napi_key: ${KEY}\nprompt_prefix: '${EMPTY}'\nstop: ['${A}', b]\nextra: {deep: ['${A}']}\ntimeout_total: ${N}\n");
    resolve(c, "m");
    same(record.s.model_id, "x-one-two-three-${A}-$A");
    assert_int_equal(record.max_tokens, 42);
    assert_true(record.temperature == 0.5);
    same(record.s.base_url, "https://h:1/v1");
    same(record.prompt_prefix, "");
    same(record.stop->child->text, "one");
    same(record.s.extra->child->child->text, "one");
    assert_int_equal(record.timeouts.total_ms, 42000);
    assert_int_equal(warning_count, 0); /* the key does not stand in the file */
    same(llmfi_record_key(&record, &env, &auth), "sk-1");
    llmfi_config_release(c);
}

/* What a variable of a provider sets, and how OLLAMA_HOST is read. */
static void test_provider_variables(void **state) {
    static const struct {
        const char *variable, *name, *base_url, *model_id;
    } rows[] = {
        {"OPENAI_BASE_URL=http://a/v1", "openai:", "http://a/v1", "gpt-4.1-mini"},
        {"OPENAI_MODEL=gpt-x", "openai:", "https://api.openai.com/v1", "gpt-x"},
        {"LOCAL_MODEL=qwen", "ollama:", "http://localhost:11434", "qwen"},
        {"OLLAMA_MODEL=phi", "ollama:", "http://localhost:11434", "phi"},
        {"OLLAMA_HOST=box", "ollama:", "http://box:11434", "llama3.2"},
        {"OLLAMA_HOST=box:99", "ollama:", "http://box:99", "llama3.2"},
        {"OLLAMA_HOST=:99", "ollama:", "http://localhost:99", "llama3.2"},
        {"OLLAMA_HOST=0.0.0.0", "ollama:", "http://127.0.0.1:11434", "llama3.2"},
        {"OLLAMA_HOST=0.0.0.0:8", "ollama:", "http://127.0.0.1:8", "llama3.2"},
        {"OLLAMA_HOST=[::]:8", "ollama:", "http://[::1]:8", "llama3.2"},
        {"OLLAMA_HOST=https://box/x", "ollama:", "https://box/x", "llama3.2"},
        {"OLLAMA_HOST=http://0.0.0.0/x", "ollama:", "http://127.0.0.1:11434/x", "llama3.2"},
        {"OLLAMA_BASE_URL=http://b", "ollama:", "http://b", "llama3.2"},
        {"SNOWFLAKE_ACCOUNT=me-1", "snowflake:m", "https://me-1.snowflakecomputing.com/api/v2/cortex/v1", "m"},
        {"AWS_DEFAULT_REGION=eu-north-1", "bedrock_mantle:m", "https://bedrock-mantle.eu-north-1.api.aws/v1", "m"},
        {"INFERENCE_MODEL_ID=h", "heroku:", "https://us.inference.heroku.com/v1", "h"},
    };
    static const char *const headers[] = {"OPENAI_ORG_ID=org-1", "OPENAI_PROJECT_ID=proj-1", NULL};
    static const char *const first[] = {"OLLAMA_HOST=box", "OLLAMA_BASE_URL=http://base", "LOCAL_MODEL=b", "OLLAMA_MODEL=a", "AWS_REGION=r1", "AWS_DEFAULT_REGION=r2", NULL};
    size_t i;
    llmfi_config *c;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(rows); i++) {
        const char *list[2] = {NULL, NULL};
        list[0] = rows[i].variable;
        variables = list;
        c = load_good("models: {}");
        resolve(c, rows[i].name);
        same(record.s.base_url, rows[i].base_url);
        same(record.s.model_id, rows[i].model_id);
        llmfi_config_release(c);
    }
    variables = headers;
    c = load_good("providers: {openai: {headers: {X-A: b}}}");
    resolve(c, "gpt-4o");
    assert_int_equal(record.provider->headers->count, 1); /* the file's headers replace them */
    llmfi_config_release(c);
    c = load_good("models: {}");
    resolve(c, "gpt-4o");
    assert_int_equal(record.provider->headers->count, 2);
    same(llmfi_member(record.provider->headers, LLMFI_LIT("OpenAI-Organization"))->text, "org-1");
    llmfi_config_release(c);
    variables = first;
    c = load_good("models: {}");
    resolve(c, "ollama:");
    same(record.s.base_url, "http://base");
    same(record.s.model_id, "a");
    resolve(c, "bedrock_mantle:m");
    same(record.s.base_url, "https://bedrock-mantle.r1.api.aws/v1");
    llmfi_config_release(c);
}

/* {region-}: Vertex AI's global endpoint has no region in its host. */
static void test_global_region(void **state) {
    static const char *const regions[][2] = {{"GOOGLE_VERTEX_LOCATION=us-east5", "https://us-east5-aiplatform.googleapis.com/v1/projects/p/locations/us-east5/publishers/google"},
                                             {"GOOGLE_VERTEX_LOCATION=global", "https://aiplatform.googleapis.com/v1/projects/p/locations/global/publishers/google"}};
    size_t i;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(regions); i++) {
        const char *list[] = {regions[i][0], "GOOGLE_VERTEX_PROJECT=p", NULL};
        llmfi_config *c;
        variables = list;
        c = load_good("models: {}");
        resolve(c, "vertex:m");
        same(record.s.base_url, regions[i][1]);
        assert_true(record.s.quirks & LLMFI_Q_SIGNED_CALLS);
        llmfi_config_release(c);
        variables = NULL;
    }
}

static void test_bad_addresses(void **state) {
    static const char *const list[] = {"OPENAI_BASE_URL=api.openai.com", "SNOWFLAKE_ACCOUNT=evil.com/", NULL};
    llmfi_config *c;
    (void)state;
    variables = list;
    c = load_good("models: {}");
    assert_false(llmfi_config_resolve(c, &arena, LLMFI_LIT("gpt-4o"), &record, &err));
    assert_int_equal(err.code, LLMF_ERR_CONFIG);
    has(err.text, "base_url the URL does not begin with a scheme");
    assert_false(llmfi_config_resolve(c, &arena, LLMFI_LIT("snowflake:x"), &record, &err));
    assert_int_equal(err.code, LLMF_ERR_CONFIG);
    has(err.text, "SNOWFLAKE_ACCOUNT");
    assert_false(llmfi_config_resolve(c, &arena, LLMFI_LIT("bedrock_mantle:x"), &record, &err));
    has(err.text, "needs {region}; set the key region_name in the config, or AWS_REGION");
    desc.base_url = "nonsense";
    assert_false(llmfi_config_resolve(c, &arena, LLMFI_LIT("claude-sonnet-5"), &record, &err));
    assert_int_equal(err.code, LLMF_ERR_ARGUMENT);
    llmfi_config_release(c);
}

/* ---- precedence ---- */

/* Each source alone and all of them below it: the highest one that speaks wins. */
static void test_precedence(void **state) {
    static const char *const list[] = {"OPENAI_BASE_URL=http://variable", NULL};
    static const char *const urls[] = {"https://api.openai.com/v1", "http://variable", "http://provider", "http://first", "http://second", "http://program"};
    char dir[64], one[80], two[80];
    const char *files[2];
    int level;
    FILE *f;
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/llmf_test_%d", (int)getpid());
    mkdir(dir, 0700);
    snprintf(one, sizeof one, "%s/one.yaml", dir);
    snprintf(two, sizeof two, "%s/two.json", dir);
    for (level = 0; level < (int)LLMFI_COUNT(urls); level++) {
        llmfi_config *c;
        variables = level >= 1 ? list : NULL;
        f = fopen(one, "w");
        assert_non_null(f);
        fprintf(f, "providers: {openai: {%s}}\nmodels: {m: {provider: openai, model_id: x, max_tokens: 1, temperature: 1%s}}\nbudgets: {call_usd: 1, day_usd: 1, models: {m: 1}}\nroutes: {r: {rule: quality, threshold: 0.75}}\n", level >= 2 ? "base_url: http://provider" : "",
                level >= 3 ? ", base_url: http://first" : "");
        fclose(f);
        f = fopen(two, "w");
        assert_non_null(f);
        fprintf(f, "{\"models\": {\"m\": {\"max_tokens\": 2%s}}, \"budgets\": {\"call_usd\": 2, \"models\": {\"gpt-4o\": 1}}, \"routes\": {\"r\": {\"rule\": \"latency\"}}}", level >= 4 ? ", \"base_url\": \"http://second\"" : "");
        fclose(f);
        desc.config = one;
        files[0] = two;
        desc.configs = files;
        desc.config_count = 1;
        desc.base_url = level >= 5 ? "http://program" : NULL;
        c = load();
        if (problem_count) print_error("%s\n", problems[0].text);
        assert_int_equal(problem_count, 0);
        resolve(c, "m");
        same(record.s.base_url, urls[level]);
        assert_int_equal(record.max_tokens, 2); /* of the later file */
        assert_true(record.temperature == 1);   /* of the earlier one */
        assert_int_equal(c->budgets.call, INT64_C(2000000000000));
        assert_int_equal(c->budgets.day, INT64_C(1000000000000));
        assert_int_equal(c->budgets.models->count, 2);
        assert_int_equal(c->routes->rule, LLMFI_RULE_LATENCY);
        assert_true(c->routes->threshold == 0.75 && !c->routes->next);
        llmfi_config_release(c);
    }
    remove(one);
    remove(two);
    rmdir(dir);
}

static void test_keys(void **state) {
    static const char *const list[] = {"OPENAI_API_KEY=table", "OFFICE=provider", "MINE=model", "FORCED=forced", "ANTHROPIC_AUTH_TOKEN=token", NULL};
    static const char *const both[] = {"ANTHROPIC_API_KEY=key", "ANTHROPIC_AUTH_TOKEN=token", NULL};
    llmfi_config *c;
    char hint[128];
    llmfi_text t;
    int auth;
    (void)state;
    variables = list;
    c = load_good("models: {a: {provider: openai, model_id: x}, b: {provider: openai, model_id: x, api_key_env_var: MINE}, c: {provider: openai, model_id: x, api_key_env_var: NOT_SET}}");
    resolve(c, "a");
    same(llmfi_record_key(&record, &env, &auth), "table");
    assert_int_equal(auth, LLMFI_AUTH_BEARER);
    resolve(c, "b");
    same(llmfi_record_key(&record, &env, &auth), "model");
    desc.api_key_env = "FORCED";
    same(llmfi_record_key(&record, &env, &auth), "forced");
    desc.api_key = "literal";
    same(llmfi_record_key(&record, &env, &auth), "literal");
    desc.api_key = desc.api_key_env = NULL;
    resolve(c, "c");
    t = llmfi_text_in(hint, sizeof hint);
    llmfi_record_key_hint(&record, &t);
    assert_string_equal(hint, "set NOT_SET, which its config names");
    resolve(c, "claude-sonnet-5");
    same(llmfi_record_key(&record, &env, &auth), "token");
    assert_int_equal(auth, LLMFI_AUTH_BEARER);
    variables = both;
    same(llmfi_record_key(&record, &env, &auth), "key");
    assert_int_equal(auth, LLMFI_AUTH_X_API_KEY);
    variables = NULL;
    same(llmfi_record_key(&record, &env, &auth), "");
    t = llmfi_text_in(hint, sizeof hint);
    llmfi_record_key_hint(&record, &t);
    assert_string_equal(hint, "set ANTHROPIC_API_KEY or ANTHROPIC_AUTH_TOKEN");
    resolve(c, "mock:x");
    same(llmfi_record_key(&record, &env, &auth), "");
    assert_int_equal(auth, LLMFI_AUTH_NONE);
    llmfi_config_release(c);
}

/* Keys to sign with: of the model's entry, of its provider's, of the environment; never parts of two. */
static void test_aws_keys(void **state) {
    static const char *const list[] = {"AWS_REGION=eu-west-1", "AWS_ACCESS_KEY_ID=AKIDENV", "AWS_SECRET_ACCESS_KEY=env", "AWS_SESSION_TOKEN=token", "S=given", NULL};
    static const char *const half[] = {"AWS_REGION=eu-west-1", "AWS_ACCESS_KEY_ID=AKIDENV", "AWS_SECRET_ACCESS_KEY= ", "S=given", NULL};
    static const char *const bearer[] = {"AWS_REGION=eu-west-1", "AWS_ACCESS_KEY_ID=AKIDENV", "AWS_SECRET_ACCESS_KEY=env", "AWS_BEARER_TOKEN_BEDROCK=ABSKx", NULL};
    static const char text[] = "models:\n"
                               "  own: {provider: bedrock, model_id: x, aws_access_key_id: '${S}', aws_secret_access_key: '${S}'}\n"
                               "  half: {provider: bedrock, model_id: x, aws_access_key_id: '${S}'}\n"
                               "  plain: {provider: bedrock, model_id: x}\n";
    llmfi_aws_keys keys;
    llmfi_config *c;
    int auth;
    (void)state;
    variables = half;
    c = load_good(text);
    resolve(c, "own");
    assert_true(llmfi_aws_given(&record, &env, &keys));
    same(keys.id, "given");
    assert_int_equal(keys.token.len, 0);
    assert_true(llmfi_record_has_key(&record, &env, &auth));
    assert_int_equal(auth, LLMFI_AUTH_AWS);
    resolve(c, "half");
    assert_false(llmfi_aws_given(&record, &env, &keys));
    resolve(c, "plain");
    assert_false(llmfi_record_has_key(&record, &env, &auth));
    variables = list;
    assert_true(llmfi_aws_given(&record, &env, &keys));
    same(keys.id, "AKIDENV");
    same(keys.secret, "env");
    same(keys.token, "token");
    variables = bearer; /* goes before keys to sign with */
    same(llmfi_record_key(&record, &env, &auth), "ABSKx");
    assert_int_equal(auth, LLMFI_AUTH_BEARER);
    desc.api_key = "ABSKy"; /* one text alone is no pair */
    same(llmfi_record_key(&record, &env, &auth), "ABSKy");
    assert_int_equal(auth, LLMFI_AUTH_BEARER);
    desc.api_key = NULL;
    llmfi_config_release(c);
}

/* ---- facts ---- */

static void test_facts(void **state) {
    llmfi_config *c = load_good("models: {mine: {provider: openai, model_id: gpt-5.5, input_token_cost_usd_per_million: 1}}");
    llmfi_price price;
    (void)state;
    resolve(c, "gpt-4o");
    assert_int_equal(record.price.input, 2500000);
    assert_int_equal(record.price.output, 10000000);
    assert_int_equal(record.price.cache_read, 1250000);
    assert_int_equal(record.price.cache_write, LLMF_UNKNOWN);
    assert_int_equal(record.s.context_window, 128000);
    assert_int_equal(record.s.max_output, 16384);
    assert_int_equal(record.s.quirks, 0);
    resolve(c, "gpt-5.5");
    same_price(272000, &record.price);
    same_price(LLMF_UNKNOWN, &record.price);
    price = record.price;
    price.input = 10000000, price.output = 45000000, price.cache_read = 1000000;
    same_price(272001, &price);
    resolve(c, "alibaba:qwen3-coder-plus"); /* prices that rise more than once */
    assert_int_equal(llmfi_record_price(&record, 32000).input, 1000000);
    assert_int_equal(llmfi_record_price(&record, 32001).input, 1800000);
    assert_int_equal(llmfi_record_price(&record, 128001).input, 3000000);
    assert_int_equal(llmfi_record_price(&record, 900000).output, 60000000);
    resolve(c, "mine"); /* a price of one's own: the table's tiers know nothing of it */
    assert_int_equal(llmfi_record_price(&record, 300000).input, 1000000);
    assert_int_equal(record.price.output, 30000000);
    resolve(c, "openai:gpt-5.5-2099-04-23"); /* no row, but a family */
    assert_false(record.from_table);
    assert_int_equal(record.s.quirks, LLMFI_Q_MAX_COMPLETION_TOKENS | LLMFI_Q_DEVELOPER_ROLE | LLMFI_Q_NO_SAMPLING | LLMFI_Q_ENCRYPTED_REASONING);
    resolve(c, "openai_responses:gpt-5.5-2099-04-23");
    assert_true((record.s.quirks & LLMFI_Q_ENCRYPTED_REASONING) && (record.s.quirks & LLMFI_Q_NO_SAMPLING));
    assert_int_equal(record.price.input, LLMF_UNKNOWN);
    {
        static const char *const region[] = {"AWS_REGION=r", NULL};
        static const struct {
            const char *name;
            uint32_t quirks;
        } ids[] = {
            {"bedrock:us.anthropic.claude-sonnet-4-20250514-v1:0", LLMFI_QUIRKS_CONVERSE_C4},
            {"bedrock:global.anthropic.claude-sonnet-4-6", LLMFI_QUIRKS_CONVERSE_C4_6},
            {"bedrock:anthropic.claude-sonnet-9", LLMFI_QUIRKS_CONVERSE_C5},
            {"bedrock:arn:aws:bedrock:us-east-1:012345678901:inference-profile/eu.anthropic.claude-3-7-sonnet-20250219-v1:0", LLMFI_QUIRKS_CONVERSE_C4},
            {"bedrock:arn:aws:bedrock:us-east-1:012345678901:application-inference-profile/1arbu5hu2sjr", 0},
            {"bedrock:us.amazon.nova-2-lite-v1:0", LLMFI_QUIRKS_CONVERSE_NOVA_2},
            {"bedrock:meta.llama9", 0},
        };
        size_t i;
        variables = region;
        llmfi_config_release(c);
        c = load_good("models: {}");
        for (i = 0; i < LLMFI_COUNT(ids); i++) {
            resolve(c, ids[i].name);
            assert_int_equal(record.s.quirks, ids[i].quirks);
        }
        variables = NULL;
    }
    resolve(c, "openai_responses:gpt-5-chat-latest"); /* does not reason, and costs what it costs in the other API */
    assert_int_equal(record.s.quirks, LLMFI_Q_MAX_COMPLETION_TOKENS);
    assert_int_equal(record.price.input, 1250000);
    resolve(c, "openai:o1-mini-2024-09-12");
    assert_int_equal(record.s.quirks, LLMFI_Q_MAX_COMPLETION_TOKENS | LLMFI_Q_SYSTEM_AS_USER | LLMFI_Q_NO_SAMPLING);
    resolve(c, "anthropic:claude-opus-4-7-20990416");
    assert_int_equal(record.s.quirks, LLMFI_Q_ADAPTIVE_THINKING);
    resolve(c, "anthropic:claude-next");
    assert_int_equal(record.s.quirks, LLMFI_Q_ADAPTIVE_THINKING);
    resolve(c, "anthropic:claude-3-5-sonnet-20241022");
    assert_int_equal(record.s.quirks, LLMFI_Q_SAMPLING_OLD_VERSION | LLMFI_Q_NO_REASONING);
    resolve(c, "mistral:x");
    assert_true(record.s.quirks & LLMFI_Q_TOOL_ANY);
    assert_int_equal(record.provider->default_max_tokens, 0);
    llmfi_config_release(c);
}

/* A file lays its own facts over those of a row: an entry whose key is the id needs nothing else; a provider's entry changes what is the provider's. */
static void test_overlay(void **state) {
    llmfi_config *c = load_good("models:\n"
                                "  gpt-5.5:\n"
                                "    context_window: 9000\n"
                                "    max_output_tokens: 99\n"
                                "    capabilities: [audio]\n"
                                "    quirks: {developer_role: false, no_schema: true}\n"
                                "    output_token_cost_usd_per_million: 0\n"
                                "  claude-sonnet-5: {cache_write_1h_token_cost_usd_per_million: 0.000001}\n"
                                "  'tomorrow-1': {provider: openai, model_id: tomorrow-1, input_token_cost_usd_per_million: 2.5, context_window: 1000}\n"
                                "providers:\n"
                                "  openai: {base_url: 'http://proxy/v1', default_model: tomorrow-1, quirks: {no_user_field: true}}\n");
    llmfi_price price;
    (void)state;
    resolve(c, "gpt-5.5");
    same(record.provider->name, "openai");
    same(record.s.base_url, "http://proxy/v1");
    assert_int_equal(record.s.context_window, 9000);
    assert_int_equal(record.s.max_output, 99);
    assert_int_equal(record.capabilities, LLMF_CAN_AUDIO);
    assert_int_equal(record.s.quirks, LLMFI_Q_MAX_COMPLETION_TOKENS | LLMFI_Q_NO_SAMPLING | LLMFI_Q_ENCRYPTED_REASONING | LLMFI_Q_NO_SCHEMA | LLMFI_Q_NO_USER_FIELD);
    price = record.price;
    assert_int_equal(price.input, 5000000); /* the row's */
    assert_int_equal(price.output, 0);
    same_price(1000000, &price);
    resolve(c, "claude-sonnet-5");
    assert_int_equal(record.price.cache_write, 2500000);
    assert_int_equal(record.price.cache_write_1h, 1);
    resolve(c, "openai:"); /* a model that the table does not know */
    same(record.s.model_id, "tomorrow-1");
    resolve(c, "tomorrow-1");
    assert_int_equal(record.price.input, 2500000);
    assert_int_equal(record.price.output, LLMF_UNKNOWN);
    assert_int_equal(record.s.context_window, 1000);
    assert_false(record.from_table);
    resolve(c, "openai:gpt-5.5"); /* the row itself stands as it was */
    assert_int_equal(record.s.context_window, 1050000);
    llmfi_config_release(c);
}

/* ---- llmf_create, llmf_register ---- */

static void test_override(void **state) {
    llmfi_config *c = load_good("models: {m: {provider: openai, model_id: gpt-4o, temperature: 1, max_tokens: 7, headers: {X-A: a}}}");
    (void)state;
    resolve(c, "m");
    assert_true(llmfi_config_override(c, &arena, &record, LLMFI_LIT("{temperature: 0, max_tokens: 99}"), &err));
    assert_true(record.temperature == LLMF_ZERO);
    assert_int_equal(record.max_tokens, 99);
    same(record.s.model_id, "gpt-4o");
    same(record.s.name, "m");
    same(record.headers->child->text, "a");
    assert_true(llmfi_config_override(c, &arena, &record, LLMFI_LIT(""), &err));
    assert_true(record.temperature == 1); /* a fresh start from what the name stands for */
    assert_true(llmfi_config_override(c, &arena, &record, LLMFI_LIT("{\"model_id\": \"gpt-4o-mini\"}"), &err));
    same(record.s.model_id, "gpt-4o-mini");
    assert_int_equal(record.price.input, 150000);
    assert_int_equal(record.max_tokens, 7);
    assert_true(llmfi_config_override(c, &arena, &record, LLMFI_LIT("provider: local\nmodel_id: phi\nbase_url: http://h"), &err));
    same(record.provider->name, "ollama");
    same(record.s.base_url, "http://h");
    assert_int_equal(record.max_tokens, 0);
    assert_false(llmfi_config_override(c, &arena, &record, LLMFI_LIT("{temperature: 5}"), &err));
    assert_string_equal(err.text, "config of llmf_create:1:15: error: temperature must be a number from 0 to 2");
    assert_false(llmfi_config_override(c, &arena, &record, LLMFI_LIT("{temprature: 1}"), &err));
    has(err.text, "did you mean temperature?");
    assert_false(llmfi_config_override(c, &arena, &record, LLMFI_LIT("{provider: crusoe, model_id: x}"), &err));
    assert_int_equal(err.code, LLMF_ERR_NOT_BUILT);
    assert_false(llmfi_config_override(c, &arena, &record, LLMFI_LIT("[1]"), &err));
    assert_int_equal(err.code, LLMF_ERR_CONFIG);
    llmfi_config_release(c);
}

static void test_register(void **state) {
    llmf_provider_desc d;
    llmf_provider_info info;
    llmfi_config *c = load_good("models: {m: {provider: openai, model_id: x}}");
    char name[] = "office", url[] = "http://office/v1";
    int auth;
    (void)state;
    memset(&d, 0, sizeof d);
    d.name = name;
    d.dialect = "openai";
    d.base_url = url;
    d.config = "{quirks: {no_stream_options: true}, headers: {X-T: t}}";
    assert_true(llmfi_config_add_provider(c, &d, &err));
    memset(name, 'x', sizeof name - 1);
    memset(url, 'x', sizeof url - 1);
    resolve(c, "office:m");
    same(record.s.base_url, "http://office/v1");
    assert_int_equal(record.s.quirks, LLMFI_Q_NO_STREAM_OPTIONS | LLMFI_Q_NO_KEY_NEEDED);
    same(llmfi_record_key(&record, &env, &auth), "");
    assert_true(llmfi_config_provider_at(c, &env, 0, &info));
    same(info.name, "office");
    assert_false(info.needs_key);
    d.name = "openai"; /* a known one, changed */
    d.dialect = NULL;
    d.config = NULL;
    d.base_url = "http://else/v1";
    d.key_env = "ELSE_KEY";
    assert_true(llmfi_config_add_provider(c, &d, &err));
    resolve(c, "m");
    same(record.s.base_url, "http://else/v1");
    assert_int_equal(record.provider->auth, LLMFI_AUTH_BEARER);
    same(record.provider->api_key_env_var, "ELSE_KEY");
    d.name = "two words";
    assert_false(llmfi_config_add_provider(c, &d, &err));
    assert_int_equal(err.code, LLMF_ERR_ARGUMENT);
    d.name = "fresh";
    assert_false(llmfi_config_add_provider(c, &d, &err));
    has(err.text, "needs dialect and base_url");
    d.dialect = "openai";
    d.base_url = "fresh.com";
    assert_false(llmfi_config_add_provider(c, &d, &err));
    d.base_url = "http://fresh";
    d.key_env = "sk-123";
    assert_false(llmfi_config_add_provider(c, &d, &err));
    has(err.text, "key_env");
    d.key_env = NULL;
    d.config = "{nonsense: 1}";
    assert_false(llmfi_config_add_provider(c, &d, &err));
    has(err.text, "config of llmf_register:1:2: error: unknown key nonsense");
    assert_false(llmfi_config_knows(c, LLMFI_LIT("fresh")));
    llmfi_config_release(c);
}

/* ---- lists ---- */

static void test_lists(void **state) {
    static const char *const list[] = {"LLM_PROVIDER=claude", "ANTHROPIC_API_KEY=k", NULL};
    llmf_provider_info info;
    llmfi_config *c;
    size_t i, built = 0, rows = llmfi_model_row_count();
    (void)state;
    variables = list;
    c = load_good("models: {gone: {provider: crusoe, model_id: x}, a: {provider: openai, model_id: y}}\nproviders: {office: {dialect: openai, base_url: 'http://h'}}");
    assert_true(llmfi_config_model_at(c, 0, &record));
    same(record.s.name, "gone");
    assert_false(record.provider->built);
    assert_true(llmfi_config_model_at(c, 1, &record));
    same(record.s.name, "a");
    for (i = 2; llmfi_config_model_at(c, i, &record); i++) {
        assert_false(record.from_config);
        assert_true(record.provider->built);
        assert_int_equal(record.s.base_url.len > 0, 1);
    }
    assert_int_equal(i, rows + 2);
    for (i = 0; llmfi_config_provider_at(c, &env, i, &info); i++) {
        built += info.unavailable != LLMF_ERR_NOT_BUILT;
        assert_int_equal(info.primary, LLMFI_IS(info.name, "anthropic"));
        if (LLMFI_IS(info.name, "anthropic")) assert_true(info.has_key && info.unavailable == LLMF_OK && !info.reason[0]);
        if (LLMFI_IS(info.name, "openai")) {
            assert_int_equal(info.unavailable, LLMF_ERR_AUTH);
            assert_string_equal(info.reason, "no key: set OPENAI_API_KEY");
            same(info.key_variable, "OPENAI_API_KEY");
        }
        if (LLMFI_IS(info.name, "crusoe")) has(info.reason, "LLMF_NO_CRUSOE");
        if (LLMFI_IS(info.name, "bedrock")) assert_string_equal(info.reason, "no key: set AWS_BEARER_TOKEN_BEDROCK, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE");
        if (i == 0) same(info.name, "office");
    }
    assert_int_equal(i, LLMFI_P_COUNT + 1);
    assert_true(built > 1);
    llmfi_config_release(c);
}

/* More models than buckets to begin with: each is found by its key and by its name, and the last says of a loop through all of them. */
static void test_many(void **state) {
    enum { MANY = 300 };
    static char text[MANY * 100];
    size_t len = (size_t)snprintf(text, sizeof text, "models:\n");
    llmfi_config *c;
    int i;
    (void)state;
    for (i = 0; i < MANY; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "  m%d: {name: n%d, provider: openai, model_id: x%d, fallbacks: n%d}\n", i, i, i, (i + 1) % MANY);
    c = load_good(text);
    assert_int_equal(c->model_count, MANY);
    assert_true(c->buckets >= MANY);
    assert_int_equal(warning_count, 1);
    for (i = 0; i < MANY; i++) {
        char name[16], id[16];
        snprintf(id, sizeof id, "x%d", i);
        snprintf(name, sizeof name, i % 2 ? "m%d" : "n%d", i);
        resolve(c, name);
        same(record.s.model_id, id);
        llmfi_arena_free(&arena);
    }
    assert_null(llmfi_find_entry(c, LLMFI_LIT("m300")));
    assert_null(llmfi_find_entry(c, LLMFI_LIT("")));
    llmfi_config_release(c);
}

/* ---- files ---- */

static void write_file(const char *path, const char *text) {
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void test_directory(void **state) {
    char dir[64], path[5][96];
    llmfi_config *c;
    size_t i;
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/llmf_test_%d", (int)getpid());
    mkdir(dir, 0700);
    snprintf(path[0], sizeof path[0], "%s/b.yaml", dir);
    snprintf(path[1], sizeof path[1], "%s/a.yml", dir);
    snprintf(path[2], sizeof path[2], "%s/c.d.json", dir);
    snprintf(path[3], sizeof path[3], "%s/notes.txt", dir);
    snprintf(path[4], sizeof path[4], "%s/.hidden.yaml", dir);
    write_file(path[0], "provider: openai\nmodel_id: two\nname: Second\n");
    write_file(path[1], "models: {b: {max_tokens: 5}, first: {provider: groq, model_id: one}}\n"); /* read before b.yaml */
    write_file(path[2], "{\"provider\": \"openai\", \"model_id\": \"three\", \"temprature\": 1}");
    write_file(path[3], "not config [");
    write_file(path[4], "not config [");
    desc.config = dir;
    c = load();
    assert_int_equal(problem_count, 1);
    has(problems[0].text, "/c.d.json:1:45: error: unknown key temprature; did you mean temperature?");
    resolve(c, "b");
    same(record.s.model_id, "two");
    assert_int_equal(record.max_tokens, 5);
    resolve(c, "Second");
    same(record.s.name, "b");
    resolve(c, "first");
    same(record.provider->name, "groq");
    resolve(c, "c.d");
    same(record.s.model_id, "three");
    llmfi_config_release(c);
    for (i = 0; i < 5; i++) remove(path[i]);
    c = load(); /* empty */
    assert_int_equal(problem_count, 0);
    llmfi_config_release(c);
    rmdir(dir);
    c = load(); /* gone */
    assert_int_equal(problem_count, 1);
    has(problems[0].text, ": error: cannot be opened; is the path right?");
    assert_int_equal(problems[0].line, 0);
    llmfi_config_release(c);
}

static void test_examples(void **state) {
    static const char *const files[] = {"examples/config/models.yaml", "examples/config/gpt_4o.yaml", "examples/config/claude_sonnet_3_7.yaml",
                                        "examples/config/llama_3_8b_instruct.yaml"};
    llmfi_config *c;
    FILE *f = fopen("examples/config/models.yaml", "r");
    (void)state;
    if (!f) {
        skip();
        return;
    }
    fclose(f);
    desc.configs = files;
    desc.config_count = LLMFI_COUNT(files);
    c = load();
    if (problem_count) print_error("%s\n", problems[0].text);
    assert_int_equal(problem_count + warning_count, 0);
    resolve(c, "gpt_4o");
    assert_int_equal(record.price.input, 2500000);
    resolve(c, "");
    same(record.s.name, "fast");
    resolve(c, "smart");
    same(record.provider->name, "anthropic");
    resolve(c, "local");
    same(record.s.base_url, "http://localhost:11434");
    resolve(c, "claude_sonnet_3_7");
    same(record.s.base_url, "https://bedrock-runtime.us-east-1.amazonaws.com");
    resolve(c, "llama_3_8b_instruct");
    same(record.s.model_id, "meta.llama3-8b-instruct-v1:0");
    llmfi_config_release(c);
}

/* ---- .env ---- */

static const struct {
    const char *file, *name, *value;         /* value NULL: not set */
    const char *message;                     /* of the error, behind the file's name; NULL: none */
} dotenv[] = {
    {"A=b", "A", "b", NULL},
    {"A=b\n", "A", "b", NULL},
    {"\xEF\xBB\xBF" "A=b\r\nB=c\r\n", "B", "c", NULL},
    {"# note\n\n  export A = b # more\n", "A", "b", NULL},
    {"export\tA=b#c", "A", "b#c", NULL},
    {"A=", "A", "", NULL},
    {"A= # nothing", "A", "", NULL},
    {"A='it # is $X \\n'", "A", "it # is $X \\n", NULL},
    {"A=\"l1\\nl2\\t\\\"q\\\" \\\\ \\$\"  # note", "A", "l1\nl2\t\"q\" \\ $", NULL},
    {"A=\"two\nlines\"\nB=x", "A", "two\nlines", NULL},
    {"A=\"two\nlines\"\nB=x", "B", "x", NULL},
    {"A=1\nA=2", "A", "2", NULL},
    {"A=b=c", "A", "b=c", NULL},
    {"A=b", "B", NULL, NULL},
    {"", "A", NULL, NULL},
    {"A", NULL, NULL, ":1:2: error: no = behind the variable's name; write NAME=value"},
    {"OK=1\nA B=1", NULL, NULL, ":2:3: error: no = behind the variable's name; write NAME=value"},
    {"1A=2", NULL, NULL, ":1:1: error: no variable's name; write NAME=value with letters, digits and _ in the name"},
    {"=2", NULL, NULL, ":1:1: error: no variable's name; write NAME=value with letters, digits and _ in the name"},
    {"X=\"a\nb\"\nA='open", NULL, NULL, ":3:3: error: a quote that is not closed; close it on this line or a later one"},
    {"A=\"x\" y", NULL, NULL, ":1:3: error: text behind the closing quote; quote the whole value, or begin a comment with #"},
};

static void test_dotenv(void **state) {
    static const char *const list[] = {"REAL=environment", NULL};
    char path[64];
    size_t i;
    (void)state;
    snprintf(path, sizeof path, "/tmp/llmf_test_%d.env", (int)getpid());
    desc.env_file = path;
    for (i = 0; i < LLMFI_COUNT(dotenv); i++) {
        bool ok;
        write_file(path, dotenv[i].file);
        ok = llmfi_env_open(&env, &heap, &desc, &err);
        if (ok != !dotenv[i].message) print_error("%s\n%s\n", dotenv[i].file, err.text);
        assert_int_equal(ok, !dotenv[i].message);
        if (dotenv[i].message) assert_string_equal(err.text + strlen(path), dotenv[i].message);
        if (dotenv[i].value) same(llmfi_env_get(&env, llmfi_cstr(dotenv[i].name)), dotenv[i].value);
        if (dotenv[i].name && !dotenv[i].value) assert_null(llmfi_env_get(&env, llmfi_cstr(dotenv[i].name)).ptr);
        llmfi_env_close(&env);
        assert_int_equal(heap.used, 0);
    }
    write_file(path, "REAL=file\nOTHER=file\n");
    variables = list;
    assert_true(llmfi_env_open(&env, &heap, &desc, &err));
    same(llmfi_env_get(&env, LLMFI_LIT("REAL")), "environment"); /* it stands in for what is missing */
    same(llmfi_env_get(&env, LLMFI_LIT("OTHER")), "file");
    desc.no_env = true;
    same(llmfi_env_get(&env, LLMFI_LIT("REAL")), "file");
    llmfi_env_close(&env);
    heap.fail_at = heap.requests + 1;
    assert_false(llmfi_env_open(&env, &heap, &desc, &err));
    assert_int_equal(err.code, LLMF_ERR_MEMORY);
    remove(path);
    heap.fail_at = 0;
    assert_false(llmfi_env_open(&env, &heap, &desc, &err));
    has(err.text, "cannot be opened");
}

/* ---- nearest names ---- */

static void test_distance(void **state) {
    static const struct {
        const char *a, *b;
        unsigned bound, away;
    } rows[] = {
        {"", "", 3, 0}, {"a", "", 3, 1}, {"", "abc", 3, 3}, {"abc", "abc", 0, 0}, {"abc", "abd", 0, 1}, {"abc", "acb", 3, 1}, {"ABC", "abc", 3, 0},
        {"kitten", "sitting", 3, 3}, {"kitten", "sitting", 2, 3}, {"temprature", "temperature", 4, 1}, {"gtp-4o", "gpt-4o", 4, 1}, {"ca", "abc", 5, 3},
        {"max_token", "max_tokens", 3, 1}, {"aaaaaaaa", "bbbbbbbb", 3, 4},
    };
    static const char letters[] = "0123456789012345678901234567890123456789012345678901234567890123456789";
    size_t i;
    llmfi_nearest n;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(rows); i++) {
        assert_int_equal(llmfi_distance(llmfi_cstr(rows[i].a), llmfi_cstr(rows[i].b), rows[i].bound), rows[i].away);
        assert_int_equal(llmfi_distance(llmfi_cstr(rows[i].b), llmfi_cstr(rows[i].a), rows[i].bound), rows[i].away);
    }
    assert_int_equal(llmfi_distance(llmfi_str(letters, 64), llmfi_str(letters, 64), 2), 0);
    assert_int_equal(llmfi_distance(llmfi_str(letters, 65), llmfi_str(letters, 65), 2), 3);
    n = llmfi_nearest_to(LLMFI_LIT("sonnet"));
    llmfi_nearest_try(&n, LLMFI_LIT("claude-sonnet-5"));
    llmfi_nearest_try(&n, LLMFI_LIT("sonet"));
    llmfi_nearest_try(&n, LLMFI_LIT("sonnet-x"));
    llmfi_nearest_try(&n, LLMFI_LIT("other"));
    llmfi_nearest_try(&n, LLMFI_LIT("bonnet"));
    assert_int_equal(n.count, 3);
    same(n.names[0], "sonet");
    same(n.names[1], "bonnet");
    same(n.names[2], "sonnet-x");
}

/* ---- memory ---- */

/* Every request refused in turn, once and from then on: NULL or a whole config, and nothing is left. */
static void test_refused(void **state) {
    static const char *const list[] = {"OLLAMA_HOST=box", "OPENAI_ORG_ID=o", "A=b", NULL};
    static const char text[] = "default_model: a\nmodels: {a: {name: A, provider: office, model_id: '${A}', stop: x, reasoning_effort: 5, fallbacks: [gpt-4o], api_key: k}, b: {provider: bedrock, model_id: x, fallbacks: a}}\n"
                               "providers: {office: {dialect: openai, base_url: 'http://{region}/v1', region_name: r}}\nfallbacks: {a: [b]}\n";
    uint64_t n, total = 0;
    int on;
    (void)state;
    variables = list;
    for (on = 0; on < 2; on++)
        for (n = 1; n < 400; n++) {
            llmfi_config *c;
            size_t count = 0;
            bool ok = false;
            desc.config_text = text;
            assert_true(llmfi_env_open(&env, &heap, &desc, &err));
            problem_count = 0;
            heap.requests = 0;
            heap.fail_at = n;
            heap.fail_on = on != 0;
            c = llmfi_config_load(&heap, &desc, &env, NULL, keep_problem, NULL, &count);
            assert_int_equal(problem_count, 0); /* memory is no fault of the file */
            if (c) {
                ok = llmfi_config_resolve(c, &arena, LLMFI_LIT("a"), &record, &err);
                if (!ok) assert_int_equal(err.code, LLMF_ERR_MEMORY);
                if (ok && !llmfi_config_override(c, &arena, &record, LLMFI_LIT("{extra: {a: [1, 2, 3]}, stop: b}"), &err)) {
                    assert_int_equal(err.code, LLMF_ERR_MEMORY);
                    ok = false;
                }
            }
            total = heap.requests;
            heap.fail_at = 0;
            llmfi_config_release(c);
            llmfi_arena_free(&arena);
            assert_int_equal(heap.used, 0);
            if (ok && total < n) break;
        }
    assert_true(total > 3 && total < 400);
}

/* A generation lives as long as somebody holds it, and goes back as zeros. */
static void test_generations(void **state) {
    llmfi_config *c = load_good("models: {a: {provider: openai, model_id: x, api_key: canary-4711}}");
    size_t i;
    (void)state;
    llmfi_config_hold(c);
    llmfi_config_release(c);
    resolve(c, "a");
    llmfi_config_release(c);
    llmfi_arena_free(&arena);
    for (i = 0; i + 11 < sizeof block; i++) assert_int_not_equal(memcmp(block + i, "canary-4711", 11), 0);
}

/* The largest block that is needed by a small config, as figures for the manual. */
static void test_small_block(void **state) {
    static char small[49152];
    llmfi_config *c;
    size_t count;
    llmfi_heap h;
    (void)state;
    llmfi_heap_init(&h, small, sizeof small);
    desc.config_text = "models: {fast: {provider: openai, model_id: gpt-4o, max_tokens: 100}}";
    assert_true(llmfi_env_open(&env, &h, &desc, &err));
    c = llmfi_config_load(&h, &desc, &env, NULL, NULL, NULL, &count);
    assert_non_null(c);
    assert_int_equal(count, 0);
    llmfi_config_release(c);
    assert_int_equal(h.used, 0);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_defaults, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_key, setup, teardown),
        cmocka_unit_test_setup_teardown(test_all_keys_are_tested, setup, teardown),
        cmocka_unit_test_setup_teardown(test_provider_keys, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many, setup, teardown),
        cmocka_unit_test_setup_teardown(test_budgets_and_routes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_all_problems, setup, teardown),
        cmocka_unit_test_setup_teardown(test_warnings, setup, teardown),
        cmocka_unit_test_setup_teardown(test_expansion, setup, teardown),
        cmocka_unit_test_setup_teardown(test_provider_variables, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_addresses, setup, teardown),
        cmocka_unit_test_setup_teardown(test_precedence, setup, teardown),
        cmocka_unit_test_setup_teardown(test_keys, setup, teardown),
        cmocka_unit_test_setup_teardown(test_aws_keys, setup, teardown),
        cmocka_unit_test_setup_teardown(test_facts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_overlay, setup, teardown),
        cmocka_unit_test_setup_teardown(test_override, setup, teardown),
        cmocka_unit_test_setup_teardown(test_register, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lists, setup, teardown),
        cmocka_unit_test_setup_teardown(test_directory, setup, teardown),
        cmocka_unit_test_setup_teardown(test_examples, setup, teardown),
        cmocka_unit_test_setup_teardown(test_dotenv, setup, teardown),
        cmocka_unit_test_setup_teardown(test_distance, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_generations, setup, teardown),
        cmocka_unit_test_setup_teardown(test_global_region, setup, teardown),
        cmocka_unit_test_setup_teardown(test_small_block, setup, teardown),
    };
    return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
