/* models.def as this build sees it: every row is well-formed, and the facts that others rest on are right. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <dirent.h>
#include <cmocka.h>
#include "../../src/factory/check.h"

static void same(llmf_str got, const char *expected) {
    if (llmfi_eq(got, llmfi_cstr(expected))) return;
    print_error("expected <%s>, got <%.*s>\n", expected, (int)got.len, got.ptr);
    fail();
}

/* Each name and alias means one provider, whatever the case of its letters. */
static void test_provider_names(void **state) {
    int i, j;
    (void)state;
    for (i = 0; i < LLMFI_P_COUNT; i++) {
        const llmfi_provider_row *row = &llmfi_provider_rows[i];
        llmf_str aliases = llmfi_cstr(row->aliases), word;
        assert_int_equal(llmfi_find_provider_row(llmfi_cstr(row->name)), i);
        while (llmfi_next_word(&aliases, &word)) {
            assert_int_equal(llmfi_find_provider_row(word), i);
            for (j = 0; j < LLMFI_P_COUNT; j++) assert_false(llmfi_eq_nocase(word, llmfi_cstr(llmfi_provider_rows[j].name)));
            assert_int_equal(llmfi_find_char(word, ':'), LLMFI_NOWHERE);
        }
        assert_int_equal(llmfi_find_char(llmfi_cstr(row->name), ':'), LLMFI_NOWHERE);
    }
    assert_int_equal(llmfi_find_provider_row(LLMFI_LIT("LOCAL")), LLMFI_P_OLLAMA);
    assert_int_equal(llmfi_find_provider_row(LLMFI_LIT("claude")), LLMFI_P_ANTHROPIC);
    assert_int_equal(llmfi_find_provider_row(LLMFI_LIT("google")), LLMFI_P_GEMINI);
    assert_int_equal(llmfi_find_provider_row(LLMFI_LIT("hf")), LLMFI_P_HUGGINGFACE);
    assert_int_equal(llmfi_find_provider_row(LLMFI_LIT("")), -1);
    assert_int_equal(llmfi_find_provider_row(LLMFI_LIT("openaix")), -1);
}

static void test_provider_columns(void **state) {
    int i;
    (void)state;
    for (i = 0; i < LLMFI_P_COUNT; i++) {
        const llmfi_provider_row *row = &llmfi_provider_rows[i];
        llmf_str keys = llmfi_cstr(row->key_variables), word;
        const char *url = llmfi_url_problem(llmfi_cstr(row->base_url));
        size_t count = 0;
        if (url) print_error("%s: %s\n", row->name, url);
        assert_null(url);
        assert_false(llmfi_ends(llmfi_cstr(row->base_url), LLMFI_LIT("/")));
        while (llmfi_next_word(&keys, &word)) {
            size_t colon = llmfi_find_char(word, ':');
            if (colon != LLMFI_NOWHERE) same(llmfi_from(word, colon), ":bearer");
            assert_true(llmfi_is_variable(llmfi_str(word.ptr, colon == LLMFI_NOWHERE ? word.len : colon)));
            count++;
        }
        assert_true((count > 0) == (row->auth != LLMFI_AUTH_NONE));
        assert_true(row->auth < LLMFI_AUTH_COUNT);
        assert_true(row->default_max_tokens >= 0 && row->embedding_batch >= 0);
        assert_true(row->embedding_batch > 0 || !row->embedding_model[0]);
        assert_true(llmfi_dialect_built[row->dialect] >= row->built);
    }
    assert_true(llmfi_provider_rows[LLMFI_P_ANTHROPIC].default_max_tokens == 4096);
    assert_int_equal(llmfi_provider_rows[LLMFI_P_GEMINI].embedding_batch, 100);
    assert_int_equal(llmfi_provider_rows[LLMFI_P_OPENAI].embedding_batch, 2048);
    assert_int_equal(llmfi_provider_rows[LLMFI_P_COHERE].embedding_batch, 96);
    assert_int_equal(llmfi_provider_rows[LLMFI_P_MISTRAL].embedding_batch, 64);
}

static void price(int32_t value) {
    assert_true(value >= -1);
}

static void date(int32_t day) {
    static const int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int32_t month = day / 100 % 100;
    assert_true(day > 20240000 && day < 20400000);
    assert_true(month >= 1 && month <= 12);
    assert_true(day % 100 >= 1 && day % 100 <= days[month - 1]);
}

static void test_models(void **state) {
    const llmfi_model_row *row, *other;
    (void)state;
    for (row = llmfi_model_rows; row->id; row++) {
        size_t i;
        for (other = row + 1; other->id; other++) assert_false(other->provider == row->provider && strcmp(other->id, row->id) == 0);
        assert_ptr_equal(llmfi_find_model_row(row->provider, llmfi_cstr(row->id)), row);
        assert_true(llmfi_provider_rows[row->provider].built);
        price(row->input), price(row->output), price(row->cache_read), price(row->cache_write_5m), price(row->cache_write_1h);
        if (row->cache_read > 0) assert_true(row->cache_read < row->input);
        if (row->cache_read == 0) assert_int_equal(row->input, 0); /* where the prompt costs, "none" is not "free" */
        if (row->cache_write_5m >= 0 || row->cache_write_1h >= 0) assert_true(row->cache_write_5m >= row->input); /* writing is not cheaper than not writing */
        if (row->cache_write_1h > 0) assert_true(row->cache_write_1h >= row->cache_write_5m);
        assert_true(row->context == -1 || row->context > 0);
        assert_true(row->max_output == -1 || row->max_output > 0);
        if (row->max_output > 0 && row->context > 0) assert_true(row->max_output <= row->context);
        if (row->ends) date(row->ends);
        date(llmfi_row_checked(row));
        if (row->ends) assert_true(row->ends > llmfi_row_checked(row) - 10000); /* the dead go a year after their end */
        for (i = 0; row->id[i]; i++) assert_true(row->id[i] > ' ' && row->id[i] < 127);
        assert_true(i <= 255);
        for (i = 0; row->capabilities[i]; i++) {
            assert_true(i < sizeof row->capabilities - 1);
            assert_non_null(strchr("TIAFRSEX", row->capabilities[i]));
        }
    }
    assert_null(llmfi_find_model_row(-1, LLMFI_LIT("")));
    assert_null(llmfi_find_model_row(-1, LLMFI_LIT("gpt-4o ")));
}

/* What an id means by itself is the first row of a provider that need not be named; with its provider, that provider's. */
static void test_look_ups(void **state) {
    const llmfi_model_row *row, *found;
    char longer[300];
    (void)state;
    for (row = llmfi_model_rows; row->id; row++) {
        for (found = llmfi_model_rows; found->id; found++)
            if (strcmp(found->id, row->id) == 0 && llmfi_row_stands_alone(found)) break;
        assert_ptr_equal(llmfi_find_model_row(-1, llmfi_cstr(row->id)), found->id ? found : NULL);
        snprintf(longer, sizeof longer, "%s!", row->id);
        assert_null(llmfi_find_model_row(row->provider, llmfi_cstr(longer)));
        longer[strlen(row->id) - 1] = '\0';
        found = llmfi_find_model_row(row->provider, llmfi_cstr(longer));
        assert_true(!found || strcmp(found->id, longer) == 0);
    }
    memset(longer, 'x', sizeof longer);
    assert_null(llmfi_find_model_row(LLMFI_P_OPENAI, llmfi_str(longer, sizeof longer)));
    assert_null(llmfi_find_model_row(-1, llmfi_str(longer, 256)));
    row = llmfi_find_model_row(LLMFI_P_OLLAMA, LLMFI_LIT("gpt-oss:20b"));
    assert_true(row && !llmfi_row_stands_alone(row));
    assert_true(llmfi_row_stands_alone(llmfi_find_model_row(LLMFI_P_OPENAI, LLMFI_LIT("gpt-4o"))));
}

/* Providers that publish prices: what a call of their default model costs can be told. */
static void test_default_models(void **state) {
    static const int providers[] = {LLMFI_P_OPENAI,    LLMFI_P_OPENAI_RESPONSES, LLMFI_P_ANTHROPIC, LLMFI_P_GEMINI,   LLMFI_P_VERTEX,   LLMFI_P_BEDROCK,  LLMFI_P_BEDROCK_MANTLE, LLMFI_P_COHERE,
                                    LLMFI_P_MISTRAL,   LLMFI_P_GROQ,             LLMFI_P_DEEPSEEK,  LLMFI_P_XAI,      LLMFI_P_TOGETHER, LLMFI_P_FIREWORKS, LLMFI_P_PERPLEXITY,    LLMFI_P_CEREBRAS,
                                    LLMFI_P_HUGGINGFACE, LLMFI_P_NVIDIA,         LLMFI_P_ZAI,       LLMFI_P_MOONSHOT, LLMFI_P_ALIBABA,  LLMFI_P_VERCEL,   LLMFI_P_CRUSOE};
    size_t i;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(providers); i++) {
        const llmfi_provider_row *p = &llmfi_provider_rows[providers[i]];
        const llmfi_model_row *row = llmfi_find_model_row(providers[i], llmfi_cstr(p->default_model));
        if (!p->built) continue;
        if (!row || row->input < 0 || row->output < 0) print_error("%s: its default model %s has no row, or no price\n", p->name, p->default_model);
        assert_non_null(row);
        assert_true(row->input >= 0 && row->output >= 0 && row->ends == 0);
    }
}

/* As many as people use, of as many providers. */
static void test_enough(void **state) {
    bool seen[LLMFI_P_COUNT] = {false};
    const llmfi_model_row *row;
    int providers = 0, priced = 0;
    (void)state;
    for (row = llmfi_model_rows; row->id; row++) {
        if (!seen[row->provider]) providers++;
        seen[row->provider] = true;
        if (row->input >= 0) priced++;
    }
    assert_true(llmfi_model_row_count() >= 250);
    assert_true(priced >= 250);
    assert_true(providers >= 24);
}

static void test_tiers_and_families(void **state) {
    const llmfi_tier_row *tier;
    const llmfi_family_row *family;
    (void)state;
    for (tier = llmfi_tier_rows; tier->id; tier++) {
        const llmfi_model_row *model = llmfi_find_model_row(tier->provider, llmfi_cstr(tier->id));
        assert_non_null(model);
        if (tier > llmfi_tier_rows && llmfi_next_tier_row(tier - 1) == tier) { /* of a model before: above what stands there */
            assert_true(tier->above > tier[-1].above && tier->input > tier[-1].input && tier->output > tier[-1].output);
        } else {
            assert_ptr_equal(llmfi_find_tier_row(model), tier);
        }
        assert_true(tier->above > 1000);
        assert_true(model->context < 0 || model->context >= tier->above);
        assert_true(tier->input > model->input && tier->output > model->output);
    }
    for (family = llmfi_family_rows; family->prefix; family++) assert_true(llmfi_provider_rows[family->provider].built);
    assert_int_equal(llmfi_family_quirks(LLMFI_P_GROQ, LLMFI_LIT("gpt-5")), 0);
}

/* Figures that bills are made of, against the sources named in models.def. */
static void test_prices(void **state) {
    static const struct {
        int provider;
        const char *id;
        int32_t input, output, cache_read, cache_write_5m, cache_write_1h;
    } rows[] = {
        {LLMFI_P_OPENAI, "gpt-4o", 2500000, 10000000, 1250000, -1, -1},
        {LLMFI_P_OPENAI, "gpt-5.6-luna", 200000, 1200000, 20000, 250000, -1},
        {LLMFI_P_OPENAI, "text-embedding-3-small", 20000, 0, -1, -1, -1},
        {LLMFI_P_ANTHROPIC, "claude-sonnet-5", 2000000, 10000000, 200000, 2500000, 4000000},
        {LLMFI_P_ANTHROPIC, "claude-haiku-4-5", 1000000, 5000000, 100000, 1250000, 2000000},
        {LLMFI_P_DEEPSEEK, "deepseek-v4-pro", 435000, 870000, 3625, -1, -1},
        {LLMFI_P_XAI, "grok-4.6", 2000000, 6000000, 500000, -1, -1},
    };
    size_t i;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(rows); i++) {
        const llmfi_model_row *row = llmfi_find_model_row(rows[i].provider, llmfi_cstr(rows[i].id));
        if (!row) continue; /* left out of this build */
        assert_int_equal(row->input, rows[i].input);
        assert_int_equal(row->output, rows[i].output);
        assert_int_equal(row->cache_read, rows[i].cache_read);
        assert_int_equal(row->cache_write_5m, rows[i].cache_write_5m);
        assert_int_equal(row->cache_write_1h, rows[i].cache_write_1h);
    }
}

static void test_capabilities(void **state) {
    llmfi_model_row row;
    (void)state;
    memset(&row, 0, sizeof row);
    assert_int_equal(llmfi_row_capabilities(&row), 0);
    memcpy(row.capabilities, "TIAFRSEX", 8); /* full: no NUL behind it */
    assert_int_equal(llmfi_row_capabilities(&row), 255);
}

static void test_names_of_things(void **state) {
    size_t i;
    (void)state;
    for (i = 0; i < LLMFI_QUIRK_COUNT; i++) assert_int_equal(llmfi_quirk_bit(llmfi_cstr(llmfi_word_at(llmfi_quirk_names, (int)i))), 1u << i);
    assert_int_equal(llmfi_quirk_bit(LLMFI_LIT("no_key_needed")), LLMFI_Q_NO_KEY_NEEDED);
    assert_int_equal(llmfi_quirk_bit(LLMFI_LIT("none")), 0);
    for (i = 0; i < LLMFI_AUTH_COUNT; i++) assert_int_equal(llmfi_find_auth(llmfi_cstr(llmfi_word_at(llmfi_auth_names, (int)i))), (int)i);
    assert_int_equal(llmfi_find_auth(LLMFI_LIT("magic")), -1);
    for (i = 0; i < LLMFI_DIALECT_COUNT; i++) assert_int_equal(llmfi_find_dialect_row(llmfi_dialect_name(i)), (int)i);
}

/* The key table: no name twice, ranges that make sense, places inside their struct. */
static void test_keys(void **state) {
    size_t i, j;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(llmfi_keys); i++) {
        const llmfi_key *k = &llmfi_keys[i];
        for (j = i + 1; j < LLMFI_COUNT(llmfi_keys); j++) assert_int_not_equal(strcmp(k->name, llmfi_keys[j].name), 0);
        assert_true(k->least <= k->most);
        assert_true(k->model >= LLMFI_KEY_APART || k->model < sizeof(llmfi_record));
        assert_true(k->provider >= LLMFI_KEY_APART || k->provider < sizeof(llmfi_provider));
        assert_true(k->model != LLMFI_KEY_NONE || k->provider != LLMFI_KEY_NONE);
    }
}

static void test_times(void **state) {
    static const struct {
        const char *text;
        int64_t ms;                          /* 0: refused */
    } rows[] = {
        {"30s", 30000}, {"500ms", 500}, {"2m", 120000}, {"1.5", 1500}, {"0.001", 1}, {"none", -1}, {"30 s", 30000}, {"1e3ms", 1000},
        {"0", 0}, {"-1", 0}, {"0.0001", 0}, {"", 0}, {"s", 0}, {"ms", 0}, {"1h", 0}, {"none ", 0}, {"99999999999999999999", 0}, {"0.4ms", 0},
    };
    size_t i;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(rows); i++) {
        int64_t ms = 0;
        bool ok = llmfi_parse_time(llmfi_cstr(rows[i].text), &ms);
        if (ok != (rows[i].ms != 0)) print_error("%s\n", rows[i].text);
        assert_int_equal(ok, rows[i].ms != 0);
        if (ok) assert_int_equal(ms, rows[i].ms);
    }
}

/* ---- options.h against the parts ---- */

/* The text behind "#define <name> " in a file, or false. */
static bool defined_as(const char *path, const char *name, char *value, size_t cap) {
    char line[1024], wanted[80];
    FILE *f = fopen(path, "r");
    bool found = false;
    size_t len = (size_t)snprintf(wanted, sizeof wanted, "#define %s ", name);
    if (!f) return false;
    while (!found && fgets(line, sizeof line, f)) {
        if (strncmp(line, wanted, len) != 0) continue;
        line[strcspn(line, "\r\n")] = '\0';
        snprintf(value, cap, "%s", line + len);
        found = true;
    }
    fclose(f);
    return found;
}

/* Each `#ifndef LLMF_X` of a part that is followed by a default stands in options.h with the same default. Returns how many there were. */
static int compare_limits(const char *path) {
    char line[1024], name[80] = "", ours[80], theirs[80];
    FILE *f = fopen(path, "r");
    int count = 0;
    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        bool guard = sscanf(line, "#ifndef %79s", name) == 1 && strncmp(name, "LLMF_", 5) == 0 && strcmp(name, "LLMF_API") != 0;
        if (!guard || !fgets(line, sizeof line, f) || strncmp(line, "#define ", 8) != 0) continue;
        line[strcspn(line, "\r\n")] = '\0';
        snprintf(theirs, sizeof theirs, "%s", line + 8 + strlen(name) + 1);
        if (!defined_as("src/options.h", name, ours, sizeof ours)) print_error("%s: %s is not in options.h\n", path, name);
        assert_true(defined_as("src/options.h", name, ours, sizeof ours));
        assert_string_equal(theirs, ours);
        count++;
    }
    fclose(f);
    return count;
}

/* A limit has one default, wherever it is written. */
static void test_limits(void **state) {
    static const char *const folders[] = {"src/base", "src/wire", "src/net", "src/factory", "src/engine", "src/tasks", "providers"};
    char value[80], path[512];
    size_t i;
    int count = 0;
    (void)state;
    if (!defined_as("src/options.h", "LLMF_MAX_DEPTH", value, sizeof value)) skip();
    for (i = 0; i < LLMFI_COUNT(folders); i++) {
        DIR *d = opendir(folders[i]);
        const struct dirent *entry;
        while (d && (entry = readdir(d)) != NULL) {
            if (!llmfi_ends(llmfi_cstr(entry->d_name), LLMFI_LIT(".h"))) continue;
            snprintf(path, sizeof path, "%s/%.200s", folders[i], entry->d_name);
            count += compare_limits(path);
        }
        if (d) closedir(d);
    }
    assert_true(count >= 9);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_provider_names),
        cmocka_unit_test(test_provider_columns),
        cmocka_unit_test(test_models),
        cmocka_unit_test(test_look_ups),
        cmocka_unit_test(test_default_models),
        cmocka_unit_test(test_enough),
        cmocka_unit_test(test_tiers_and_families),
        cmocka_unit_test(test_prices),
        cmocka_unit_test(test_capabilities),
        cmocka_unit_test(test_names_of_things),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests_name("tables", tests, NULL, NULL);
}
