/* A build without some providers: their rows are gone with them, and those of the others stand. And without keys that are fetched. */
#define LLMF_NO_OPENAI 1
#define LLMF_NO_GROQ 1
#define LLMF_NO_OLLAMA 1
#define LLMF_NO_SECRETS 1
#define LLMFACTORY_IMPLEMENTATION
#include "llmfactory.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const char *no_variable(void *user, const char *name) {
    (void)user, (void)name;
    return NULL;
}

static llmf_factory *open_default(void) {
    llmf_desc d;
    llmf_error err;
    llmf_factory *f;
    memset(&d, 0, sizeof d);
    d.getenv_fn = no_variable;
    f = llmf_open(&d, &err);
    if (!f) fail_msg("%s", err.text);
    return f;
}

static void test_rows_go_with_their_provider(void **state) {
    const llmfi_model_row *row;
    const llmfi_tier_row *tier;
    (void)state;
    assert_true(llmfi_model_row_count() > 250);
    for (row = llmfi_model_rows; row->id; row++) {
        assert_true(row->provider != LLMFI_P_OPENAI && row->provider != LLMFI_P_GROQ && row->provider != LLMFI_P_OLLAMA);
        assert_true(llmfi_provider_rows[row->provider].built);
        assert_ptr_equal(llmfi_find_model_row(row->provider, llmfi_cstr(row->id)), row);
    }
    for (tier = llmfi_tier_rows; tier->id; tier++) assert_true(tier->provider != LLMFI_P_OPENAI);
    assert_null(llmfi_find_model_row(LLMFI_P_OPENAI, LLMFI_LIT("gpt-4o")));
    assert_null(llmfi_find_model_row(-1, LLMFI_LIT("llama-3.3-70b-versatile")));
}

static void test_names(void **state) {
    llmf_factory *f = open_default();
    llmf_model_info i;
    llmf_error err;
    (void)state;
    assert_true(llmf_get(f, "llama-3.3-70b-versatile", &err).id == 0);
    assert_int_equal(err.code, LLMF_ERR_UNKNOWN_MODEL);
    assert_true(llmf_get(f, "groq:llama-3.3-70b-versatile", &err).id == 0);
    assert_int_equal(err.code, LLMF_ERR_NOT_BUILT);
    assert_int_equal(llmf_describe(f, llmf_get(f, "gpt-4o", &err), &i), LLMF_OK); /* the other API of the same house has it too */
    assert_true(llmfi_eq(i.provider, LLMFI_LIT("openai_responses")));
    assert_true(i.price_input == 2500000);
    assert_int_equal(llmf_describe(f, llmf_get(f, "mistral:a-model-of-tomorrow", &err), &i), LLMF_OK);
    assert_true(i.price_input == LLMF_UNKNOWN);
    llmf_close(f);
}

static int give(void *user, llmf_secret_query *q) {
    (void)user, (void)q;
    return 0;
}

/* Keys that this build cannot fetch are refused where they stand; plain ones are as ever. */
static void test_secrets(void **state) {
    static const struct {
        const char *config, *says;
    } cases[] = {{"models: {m: {provider: anthropic, model_id: x, api_key_file: /k}}", "config_text:1:62: error: api_key_file: left out of this build: build without LLMF_NO_SECRETS"},
                 {"models: {m: {provider: anthropic, model_id: x, api_key_command: c}}", "error: api_key_command: left out of this build"},
                 {"providers: {anthropic: {api_key_secret_name: s}}", "error: api_key_secret_name: left out of this build"},
                 {"models: {m: {provider: anthropic, model_id: x, api_key: k}}", NULL}};
    llmf_desc d;
    llmf_error err;
    llmf_factory *f;
    size_t i;
    (void)state;
    for (i = 0; i < sizeof cases / sizeof *cases; i++) {
        memset(&d, 0, sizeof d);
        d.getenv_fn = no_variable;
        d.config_text = cases[i].config;
        f = llmf_open(&d, &err);
        if ((f == NULL) != (cases[i].says != NULL) || (!f && !strstr(err.text, cases[i].says))) fail_msg("%s: %s", cases[i].config, err.text);
        if (!f) assert_int_equal(err.code, LLMF_ERR_NOT_BUILT);
        llmf_close(f);
    }
    for (i = 0; i < 3; i++) {
        memset(&d, 0, sizeof d);
        if (i == 0) d.secret = give;
        if (i == 1) d.secret_ttl_ms = 1;
        if (i == 2) d.allow_commands = 1;
        assert_null(llmf_open(&d, &err));
        assert_int_equal(err.code, LLMF_ERR_NOT_BUILT);
        assert_true(strstr(err.text, "LLMF_NO_SECRETS") != NULL);
    }
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_go_with_their_provider),
        cmocka_unit_test(test_secrets),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests_name("left_out", tests, NULL, NULL);
}
