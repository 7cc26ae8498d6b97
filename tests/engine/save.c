/* What a factory has learned goes over to another one: whole, or not at all. */
#include "script.h"
#include "killed.h"

static script s;
static kit_seen seen;

#define CONFIG "providers:\n  pa: {dialect: openai, base_url: 'http://a.test/v1', auth: none}\n  pb: {dialect: openai, base_url: 'http://b.test/v1', auth: none}\n" \
    "models:\n  a: {provider: pa, model_id: m, fallbacks: [b], rpm: 10, max_retries: 0}\n  b: {provider: pb, model_id: m}\n  c: {provider: pb, model_id: n, rpm: 4, tpm: 100000}\n"
#define ANSWER "{\"id\":\"a\",\"model\":\"m-1\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"Once\"},\"finish_reason\":\"stop\"}]," \
    "\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":4,\"total_tokens\":13}}"

static int status_of_a = 200;

static script_reply by_host(script *x, const llmf_http_request *req, int n) {
    script_reply r;
    (void)x, (void)n;
    memset(&r, 0, sizeof r);
    r.delay_ms = 20;
    r.status = req->url.ptr[7] == 'a' ? status_of_a : 200;
    r.body = r.status == 200 ? ANSWER : "{\"error\":{\"message\":\"no\",\"code\":\"rate_limit_exceeded\"}}";
    if (r.status != 200) r.headers[0] = "retry-after", r.headers[1] = "120";
    return r;
}

static llmf_factory *open_new(void) {
    llmf_desc d = script_desc(&s, by_host);
    llmf_error err;
    llmf_factory *f;
    d.config_text = CONFIG;
    f = llmf_open(&d, &err);
    assert_non_null(f);
    return f;
}

static void ask(llmf_factory *f, const char *name) {
    llmf_request req = kit_request(false);
    llmf_call c = llmf_start(f, llmf_get(f, name, NULL), &req);
    kit_forget(&seen);
    assert_true(script_run(&s, f, c, &seen));
    llmf_free(f, c);
}

/* A factory that has seen something: a cools down for two minutes, c has sent three of its four a minute. */
static size_t learn(char *out, size_t cap) {
    llmf_factory *f = open_new();
    size_t n;
    int i;
    status_of_a = 429;
    ask(f, "a");
    assert_int_equal(seen.code, LLMF_OK);
    for (i = 0; i < 3; i++) ask(f, "c");
    n = llmf_save(f, out, cap);
    assert_int_equal(llmf_save(f, NULL, 0), n);
    assert_true(n <= cap);
    llmf_close(f);
    return n;
}

static char saved[65536];

static void goes_over(void **state) {
    size_t n = learn(saved, sizeof saved), again;
    char copy[65536];
    llmf_error err;
    uint64_t now;
    llmf_factory *f;
    int k;
    (void)state;
    for (k = 0; k < 3; k++) { /* at once; a minute later; when the cool-down is over */
        now = s.w.now + (uint64_t)k * UINT64_C(63000000000);
        f = open_new();
        s.w.now = now;
        assert_int_equal(llmf_load(f, saved, n, &err), LLMF_OK);
        if (k == 0) {
            again = llmf_save(f, copy, sizeof copy);
            assert_int_equal(again, n);
        }
        status_of_a = 200;
        s.asked = 0;
        ask(f, "a");
        assert_string_equal(s.url[7] == 'a' ? "a" : "b", k == 2 ? "a" : "b"); /* not asked before its time */
        now = s.w.now;
        ask(f, "c");
        assert_true(s.w.now - now < UINT64_C(1000000000));
        now = s.w.now;
        ask(f, "c"); /* the fifth in its minute waits, where the three still count */
        assert_int_equal(s.w.now - now > UINT64_C(1000000000), k == 0);
        llmf_close(f);
        s.w.now = UINT64_C(1000000000000);
    }
    kit_forget(&seen);
}

/* Money goes over too: what is spent stays spent, and a day that is over is over. */
static void budgets_go_over(void **state) {
    int k;
    (void)state;
    for (k = 0; k < 2; k++) {
        llmf_desc d = script_desc(&s, by_host);
        llmf_budget_info info;
        llmf_factory *f;
        llmf_model m;
        size_t n;
        d.config_text = "providers:\n  pa: {dialect: openai, base_url: 'http://a.test/v1', auth: none}\nmodels:\n"
                        "  a: {provider: pa, model_id: m, input_token_cost_usd_per_million: 1, output_token_cost_usd_per_million: 2, budget_usd: 1}\nbudgets: {process_usd: 2, day_usd: 3}\n";
        status_of_a = 200;
        f = llmf_open(&d, NULL);
        ask(f, "a"); /* 9 * 1 + 4 * 2 millionths */
        m = llmf_get(f, "a", NULL);
        assert_int_equal(llmf_score(f, seen.response.call, 0.5) == LLMF_OK, 0); /* it is given back */
        assert_true(m.id != 0);
        n = llmf_save(f, saved, sizeof saved);
        assert_true(n && n <= sizeof saved);
        llmf_close(f);
        f = llmf_open(&d, NULL);
        s.w.now += k ? UINT64_C(86400000000000) : 0;
        assert_int_equal(llmf_load(f, saved, n, NULL), LLMF_OK);
        assert_int_equal(llmf_budget(f, LLMF_BUDGET_PROCESS, NULL, &info), LLMF_OK);
        assert_int_equal(info.spent_pico, 17000000);
        assert_int_equal(llmf_budget(f, LLMF_BUDGET_DAY, NULL, &info), LLMF_OK);
        assert_int_equal(info.spent_pico, k ? 0 : 17000000);
        assert_int_equal(llmf_budget(f, LLMF_BUDGET_MODEL, "a", &info), LLMF_OK);
        assert_int_equal(info.spent_pico, 17000000);
        assert_int_equal(info.reserved_pico, 0);
        llmf_close(f);
    }
    kit_forget(&seen);
}

/* Each byte changed, each length: refused, and nothing taken. */
static void damaged(void **state) {
    size_t n = learn(saved, sizeof saved), i;
    llmf_factory *f = open_new();
    llmf_error err;
    size_t used = f->heap.used;
    (void)state;
    for (i = 0; i < n; i++) {
        int bit;
        for (bit = 0; bit < 8; bit++) {
            saved[i] = (char)(saved[i] ^ 1 << bit);
            assert_int_equal(llmf_load(f, saved, n, &err), LLMF_ERR_ARGUMENT);
            assert_true(err.text[0] != 0);
            saved[i] = (char)(saved[i] ^ 1 << bit);
        }
        assert_int_equal(llmf_load(f, saved, i, &err), LLMF_ERR_ARGUMENT);
    }
    assert_int_equal(llmf_load(f, NULL, 0, NULL), LLMF_ERR_ARGUMENT);
    assert_int_equal(f->heap.used, used);
    assert_int_equal(f->health_count, 0);
    assert_int_equal(llmf_load(f, saved, n, &err), LLMF_OK);
    llmf_close(f);
    kit_forget(&seen);
}

/* Lies with the right checksum: nothing is believed that would do harm. */
static void lies(void **state) {
    size_t n = learn(saved, sizeof saved), i;
    uint64_t chance = 88172645463325252u;
    (void)state;
    for (i = 0; i < 2000; i++) {
        static char copy[65536];
        llmf_factory *f = open_new();
        int k, changes = 1 + (int)(kit_random(&chance) % 4);
        uint32_t crc;
        memcpy(copy, saved, n);
        for (k = 0; k < changes; k++) copy[20 + kit_random(&chance) % (n - 24)] = (char)kit_random(&chance);
        crc = llmfi_crc32(0, copy, n - 4);
        for (k = 0; k < 4; k++) copy[n - 4 + (size_t)k] = (char)(crc >> 8 * k);
        if (llmf_load(f, copy, n, NULL) == LLMF_OK) {
            ask(f, "a");
            ask(f, "b");
            assert_int_equal(seen.finals, 1);
        }
        llmf_close(f);
    }
    kit_forget(&seen);
}

static void files(void **state) {
    char path[] = "/tmp/llmf-save-XXXXXX", name[64];
    llmf_error err;
    llmf_factory *f;
    (void)state;
    assert_non_null(mkdtemp(path));
    snprintf(name, sizeof name, "%s/state", path);
    f = open_new();
    assert_int_equal(llmf_load_file(f, name, &err), LLMF_ERR_CONFIG);
    assert_true(kit_has(err.text, name));
    assert_int_equal(llmf_save_file(f, "/nowhere/at/all", &err), LLMF_ERR_CONFIG);
    assert_true(kit_has(err.text, "/nowhere/at/all"));
    status_of_a = 429;
    ask(f, "a");
    assert_int_equal(llmf_save_file(f, name, &err), LLMF_OK);
    llmf_close(f);
    f = open_new();
    assert_int_equal(llmf_load_file(f, name, &err), LLMF_OK);
    assert_int_equal(f->health_count, 2);
    llmf_close(f);
    kit_forget(&seen);
    unlink(name);
    rmdir(path);
}

static int health_in(const char *name) {
    llmf_factory *f = open_new();
    llmf_error err;
    int n = llmf_load_file(f, name, &err) == LLMF_OK ? (int)f->health_count : -1;
    llmf_close(f);
    return n;
}

static llmf_factory *saving;
static char saving_to[64];

static int save_once(void) {
    return llmf_save_file(saving, saving_to, NULL) == LLMF_OK ? 0 : 1;
}

/* Killed at each system call of a write: the old state is there, or the new one, and whole. */
static void killed_at_each_call(void **state) {
    char path[] = "/tmp/llmf-save-XXXXXX", fresh[64];
    int i, olds = 0, news = 0, health;
    bool done = false;
    (void)state;
    assert_non_null(mkdtemp(path));
    snprintf(saving_to, sizeof saving_to, "%s/state", path);
    snprintf(fresh, sizeof fresh, "%s/state.new", path);
    for (i = 1; i < 100 && !done; i++) {
        saving = open_new();
        ask(saving, "c");
        assert_int_equal(save_once(), 0); /* the old one knows of one model */
        ask(saving, "b");
        done = killed_behind(save_once, i);
        health = health_in(saving_to);
        assert_true(health == 1 || health == 2);
        if (health == 1) olds++;
        else news++;
        llmf_close(saving);
    }
    assert_true(done);
    assert_true(olds >= 8 && news >= 4); /* up to the renaming, and behind it */
    kit_forget(&seen);
    unlink(saving_to);
    unlink(fresh);
    rmdir(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(goes_over), cmocka_unit_test(budgets_go_over), cmocka_unit_test(damaged), cmocka_unit_test(lies), cmocka_unit_test(files), cmocka_unit_test(killed_at_each_call)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
