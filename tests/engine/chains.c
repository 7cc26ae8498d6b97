/* What the simulator (tests/sim) found in retries, chains and limits, each in the smallest form that shows it. */
#include "script.h"

static script s;
static kit_seen seen;
static int64_t asked_at[256];
static char asked_host[256];

#define ANSWER "{\"id\":\"a\",\"object\":\"chat.completion\",\"model\":\"m-1\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"Once\"},\"finish_reason\":\"stop\"}]," \
    "\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":4,\"total_tokens\":13}}"
#define BODY "{\"error\":{\"message\":\"no\",\"type\":\"t\",\"code\":\"x\"}}"
#define CONFIG "providers:\n  pa: {dialect: openai, base_url: 'http://a.test/v1', auth: none}\n  pb: {dialect: openai, base_url: 'http://b.test/v1', auth: none}\n"

static const script_reply GOOD = {10, 200, {NULL}, ANSWER, 0, 0, 0}, BAD = {10, 500, {NULL}, BODY, 0, 0, 0}, LIMIT = {10, 429, {NULL}, BODY, 0, 0, 0};

/* By host: of[0] is a's, of[1] b's. */
static script_reply by_host(script *x, const llmf_http_request *req, int n) {
    const script_reply *of = (const script_reply *)x->data;
    char host = req->url.ptr[7];
    asked_at[n & 255] = script_ms(x);
    asked_host[n & 255] = host;
    return of[host - 'a'];
}

static llmf_factory *open_with(script_reply *of, const char *config) {
    llmf_desc d = script_desc(&s, by_host);
    llmf_error err;
    llmf_factory *f;
    s.data = of;
    d.config_text = config;
    f = llmf_open(&d, &err);
    if (!f) fprintf(stderr, "%s\n", err.text);
    assert_non_null(f);
    return f;
}

static void ask(llmf_factory *f, const llmf_request *with) {
    llmf_request req = kit_request(false);
    llmf_call c;
    kit_forget(&seen);
    c = llmf_start(f, llmf_get(f, "a", NULL), with ? with : &req);
    assert_true(script_run(&s, f, c, &seen));
    assert_int_equal(seen.finals, 1);
    llmf_free(f, c); /* the response's texts are not looked at */
}

static void close_all(llmf_factory *f) {
    llmf_close(f);
    kit_drop(&s.w.log);
    kit_forget(&seen);
}

/* An estimate that was too high is taken back in its own minute, not in the next one: there it would leave room that is none. A tenth of a second's work that answers
   half a minute later, again and again: what is used in any minute stays below the limit. */
static void tokens_are_mended_in_their_second(void **state) {
    script_reply of[2];
    llmf_factory *f;
    llmf_request req = kit_request(false);
    llmf_call calls[64];
    int64_t at[64];
    int n = 0, i, k, minute;
    (void)state;
    of[0] = of[1] = GOOD;
    of[0].delay_ms = 30000;        /* 13 tokens each; ~600 are reserved */
    f = open_with(of, CONFIG "models:\n  a: {provider: pa, model_id: m, tpm: 1300}\n");
    req.max_tokens = 500;
    for (i = 0; i < 64; i++) calls[i] = llmf_start(f, llmf_get(f, "a", NULL), &req);
    for (i = 0; i < 1000000 && s.asked < 64; i++) assert_true(script_step(&s, f));
    assert_int_equal(s.asked, 64);
    for (i = 0; i < 64; i++) at[n++] = asked_at[i + 1];
    for (i = 0; i < n; i++) { /* reserved at once: what began in the latest half a minute is not known to be small yet */
        for (k = i, minute = 0; k >= 0 && at[k] > at[i] - 30000; k--) minute++;
        assert_true(minute * 500 <= 1300);
        for (k = i, minute = 0; k >= 0 && at[k] > at[i] - 60000; k--) minute++;
        assert_true(minute * 13 <= 1300);
    }
    for (i = 0; i < 64; i++) llmf_free(f, calls[i]);
    close_all(f);
}

/* All models of a chain have just failed too often: the next call, a second later, asks one of them all the same, as a call without a chain does. */
static void nobody_left_is_no_reason(void **state) {
    static const char *const rest[] = {"", ", breaker_failures: 5"};
    static const script_reply *const bad[] = {&BAD, &LIMIT};
    int k, i, before;
    (void)state;
    for (k = 0; k < 3; k++) {
        script_reply of[2];
        char config[1024];
        llmf_factory *f;
        of[0] = of[1] = *bad[k == 2];
        snprintf(config, sizeof config, CONFIG "models:\n  a: {provider: pa, model_id: m, fallbacks: [b]%s}\n  b: {provider: pb, model_id: m%s}\n", rest[k == 1], rest[k == 1]);
        f = open_with(of, config);
        for (i = 0; i < 6; i++) ask(f, NULL);
        assert_int_equal(seen.code, LLMF_ERR_ALL_FAILED);
        of[0] = of[1] = GOOD;
        s.w.now += UINT64_C(1000000000);
        before = s.asked;
        ask(f, NULL);
        if (k == 1) { /* the breaker was asked for */
            assert_int_equal(seen.code, LLMF_ERR_ALL_FAILED);
            assert_int_equal(s.asked, before);
        } else {
            assert_int_equal(seen.code, LLMF_OK);
            assert_int_equal(s.asked, before + 1);
            assert_int_equal(seen.response.attempt_total, 1);
        }
        close_all(f);
    }
}

/* Without repeats too, and without a wait. */
static void nobody_left_without_repeats(void **state) {
    script_reply of[2];
    llmf_factory *f;
    int64_t from;
    (void)state;
    of[0] = of[1] = LIMIT;
    of[0].headers[0] = of[1].headers[0] = "Retry-After";
    of[0].headers[1] = of[1].headers[1] = "5";
    f = open_with(of, CONFIG "models:\n  a: {provider: pa, model_id: m, max_retries: 0, fallbacks: [b]}\n  b: {provider: pb, model_id: m, max_retries: 0}\n");
    ask(f, NULL);
    assert_int_equal(s.asked, 2);
    of[0] = of[1] = GOOD;
    from = script_ms(&s);
    ask(f, NULL);
    assert_int_equal(seen.code, LLMF_OK);
    assert_int_equal(s.asked, 3);
    assert_int_equal(script_ms(&s) - from, 10);
    close_all(f);
}

/* One that was asked, passed over as its breaker opened, and has its turn again is asked no more than (1 + max_retries) times in all. */
static void attempts_of_each_model(void **state) {
    int warm, most = 0;
    (void)state;
    for (warm = 0; warm < 6; warm++) {
        script_reply of[2];
        llmf_request alone = kit_request(false);
        llmf_factory *f;
        int n, a = 0, b = 0;
        of[0] = of[1] = BAD;
        f = open_with(of, CONFIG "models:\n  a: {provider: pa, model_id: m, max_retries: 2, fallbacks: [b], breaker_time: 2s}\n  b: {provider: pb, model_id: m, max_retries: 2, breaker_time: 2s}\n");
        alone.max_retries = -1;
        alone.fallback_count = 1;  /* no chain */
        for (n = 0; n < warm; n++) ask(f, &alone);
        ask(f, NULL);
        for (n = warm + 1; n <= s.asked; n++) asked_host[n] == 'a' ? a++ : b++;
        assert_int_equal(seen.code, LLMF_ERR_ALL_FAILED);
        assert_in_range(a, 0, 3);
        assert_in_range(b, 0, 3);
        assert_int_equal(seen.response.attempt_total, a + b);
        if (a + b > most) most = a + b;
        close_all(f);
    }
    assert_int_equal(most, 6);
}

/* The failure that opens the breaker moves the call on at once: waiting to repeat it would be for nothing. */
static void an_open_breaker_moves_at_once(void **state) {
    script_reply of[2];
    llmf_factory *f;
    (void)state;
    of[0] = BAD;
    of[1] = GOOD;
    f = open_with(of, CONFIG "models:\n  a: {provider: pa, model_id: m, max_retries: 2, retry_delay: 1s, breaker_failures: 2, fallbacks: [b]}\n  b: {provider: pb, model_id: m}\n");
    ask(f, NULL);
    assert_int_equal(seen.code, LLMF_OK);
    assert_int_equal(s.asked, 3);
    assert_int_equal(asked_at[2] - asked_at[1], 1010); /* the first failure is repeated */
    assert_int_equal(asked_at[3] - asked_at[2], 10);   /* the second opens it */
    assert_int_equal(asked_host[3], 'b');
    close_all(f);
}

/* A request that goes out up to a second later than it was admitted, in a late poll or over a new connection, does not make a minute too full. */
static void a_minute_has_a_second_to_spare(void **state) {
    script_reply of[2];
    llmf_factory *f;
    llmf_request req = kit_request(false);
    llmf_call calls[4];
    int i;
    (void)state;
    of[0] = of[1] = GOOD;
    f = open_with(of, CONFIG "models:\n  a: {provider: pa, model_id: m, rpm: 2}\n");
    s.w.now += 999u * 1000000u;    /* the end of a second */
    for (i = 0; i < 4; i++) calls[i] = llmf_start(f, llmf_get(f, "a", NULL), &req);
    s.w.now += UINT64_C(900000000); /* the caller polls only now */
    for (i = 0; i < 1000000 && s.asked < 4; i++) assert_true(script_step(&s, f));
    assert_int_equal(s.asked, 4);
    assert_true(asked_at[3] - asked_at[1] >= 60000);
    assert_true(asked_at[3] - asked_at[1] <= 62000);
    for (i = 0; i < 4; i++) llmf_free(f, calls[i]);
    close_all(f);
}

/* What the program's own filter refuses, no other model is asked. */
static int refuse_request(void *user, llmf_filter_writer *w, const llmf_request *req) {
    (void)user, (void)w, (void)req;
    return LLMF_FILTER_STOP;
}

static int refuse_text(void *user, llmf_filter_writer *w, const llmf_event *ev, bool last) {
    (void)user, (void)w, (void)ev, (void)last;
    return LLMF_FILTER_STOP;
}

static void filters_are_final(void **state) {
    script_reply of[2];
    int k;
    (void)state;
    of[0] = of[1] = GOOD;
    for (k = 0; k < 2; k++) {
        llmf_desc d = script_desc(&s, by_host);
        llmf_filter filter;
        llmf_factory *f;
        memset(&filter, 0, sizeof filter);
        if (k) filter.piece = refuse_text;
        else filter.before = refuse_request;
        d.filters = &filter;
        d.filter_count = 1;
        d.config_text = CONFIG "models:\n  a: {provider: pa, model_id: m, fallbacks: [b]}\n  b: {provider: pb, model_id: m}\n";
        s.data = of;
        f = llmf_open(&d, NULL);
        assert_non_null(f);
        ask(f, NULL);
        assert_int_equal(seen.code, LLMF_ERR_CONTENT_FILTER);
        assert_int_equal(s.asked, k);
        close_all(f);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_are_mended_in_their_second), cmocka_unit_test(nobody_left_is_no_reason), cmocka_unit_test(nobody_left_without_repeats),
        cmocka_unit_test(attempts_of_each_model), cmocka_unit_test(an_open_breaker_moves_at_once), cmocka_unit_test(a_minute_has_a_second_to_spare),
        cmocka_unit_test(filters_are_final),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
