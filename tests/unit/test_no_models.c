/* A build without the table of models: every id is sent as typed, nothing is known of its price, and what families and files say still holds. */
#define LLMF_NO_MODELS 1
#define LLMFACTORY_IMPLEMENTATION
#include "llmfactory.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const char *no_variable(void *user, const char *name) {
    (void)user, (void)name;
    return NULL;
}

static llmf_factory *open_with(const char *config) {
    llmf_desc d;
    llmf_error err;
    llmf_factory *f;
    memset(&d, 0, sizeof d);
    d.getenv_fn = no_variable;
    d.config_text = config;
    d.api_key = "k";
    f = llmf_open(&d, &err);
    if (!f) fail_msg("%s", err.text);
    return f;
}

static void test_nothing_is_known(void **state) {
    llmf_factory *f = open_with("models: {}");
    llmf_model_info i;
    llmf_error err;
    (void)state;
    assert_int_equal(llmfi_model_row_count(), 0);
    assert_false(llmf_model_at(f, 0, &i));
    assert_null(llmfi_find_model_row(-1, LLMFI_LIT("gpt-4o")));
    assert_null(llmfi_find_model_row(LLMFI_P_OPENAI, LLMFI_LIT("gpt-4o")));
    assert_true(llmf_get(f, "gpt-4o", &err).id == 0); /* by itself it means nothing */
    assert_int_equal(err.code, LLMF_ERR_UNKNOWN_MODEL);
    assert_int_equal(llmf_describe(f, llmf_get(f, "openai:gpt-5.5", &err), &i), LLMF_OK);
    assert_true(llmfi_eq(i.model_id, LLMFI_LIT("gpt-5.5")));
    assert_true(i.price_input == LLMF_UNKNOWN && i.price_output == LLMF_UNKNOWN && i.context_window == LLMF_UNKNOWN && i.tier_count == 0 && i.checked == 0);
    assert_true(i.quirks & LLMFI_Q_MAX_COMPLETION_TOKENS); /* of its family */
    llmf_close(f);
}

static void test_a_file_knows(void **state) {
    llmf_factory *f = open_with("default_provider: groq\nmodels: {mine: {provider: openai, model_id: gpt-4o, input_token_cost_usd_per_million: 2.5, context_window: 128000}}");
    llmf_model_info i;
    llmf_error err;
    (void)state;
    assert_int_equal(llmf_describe(f, llmf_get(f, "mine", &err), &i), LLMF_OK);
    assert_true(i.price_input == 2500000 && i.price_output == LLMF_UNKNOWN && i.context_window == 128000);
    assert_int_equal(llmf_describe(f, llmf_get(f, "gpt-4o", &err), &i), LLMF_OK); /* the default provider's model of this name */
    assert_true(llmfi_eq(i.provider, LLMFI_LIT("groq")) && llmfi_eq(i.model_id, LLMFI_LIT("gpt-4o")));
    llmf_close(f);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_known),
        cmocka_unit_test(test_a_file_knows),
    };
    return cmocka_run_group_tests_name("no_models", tests, NULL, NULL);
}
