/* Retries, chains, limits, breakers: which requests go out, when, and what the caller sees. Every moment is exact: see script.h. */
#include "script.h"

static script s;
static kit_seen seen;

/* A whole answer of Chat Completions. */
#define ANSWER "{\"id\":\"a\",\"object\":\"chat.completion\",\"model\":\"m-1\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"Once\"},\"finish_reason\":\"stop\"}]," \
    "\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":4,\"total_tokens\":13}}"
#define ERROR_BODY(code) "{\"error\":{\"message\":\"no\",\"type\":\"t\",\"code\":\"" code "\"}}"

/* ---- scripts ---- */

/* The moments of the requests, and the host each went to. */
static struct { int64_t at; char host[64]; } asked[64];

static void note(script *x, const llmf_http_request *req) {
    int n = x->asked - 1;
    const char *slash = memchr(req->url.ptr + 8, '/', req->url.len - 8);
    size_t len = slash ? (size_t)(slash - req->url.ptr) : req->url.len;
    if (n >= 64) return;
    asked[n].at = script_ms(x);
    snprintf(asked[n].host, sizeof asked[n].host, "%.*s", (int)(len < 60 ? len : 60), req->url.ptr);
}

/* The replies in their order, the last one for ever. */
typedef struct in_order {
    const script_reply *at;
    int count;
} in_order;

static script_reply ordered(script *x, const llmf_http_request *req, int n) {
    const in_order *o = (const in_order *)x->data;
    note(x, req);
    return o->at[n <= o->count ? n - 1 : o->count - 1];
}

/* By host: "a" is answered with .at[0], "b" with .at[1], … */
static script_reply by_host(script *x, const llmf_http_request *req, int n) {
    const in_order *o = (const in_order *)x->data;
    int i = req->url.ptr[7] - 'a';
    (void)n;
    note(x, req);
    return o->at[i < o->count ? i : o->count - 1];
}

static const script_reply GOOD = {10, 200, {NULL}, ANSWER, 0, 0, 0};

#define CONFIG "providers:\n  pa: {dialect: openai, base_url: 'http://a.test/v1', auth: none}\n  pb: {dialect: openai, base_url: 'http://b.test/v1', auth: none}\n" \
    "  pc: {dialect: openai, base_url: 'http://c.test/v1', auth: none}\n"
#define MODELS "models:\n  a: {provider: pa, model_id: m, "

static llmf_factory *open_with(script_fn answer, const in_order *o, const char *config, llmf_desc *d) {
    llmf_desc own;
    llmf_error err;
    llmf_factory *f;
    if (!d) {
        own = script_desc(&s, answer);
        d = &own;
    }
    s.data = (void *)(uintptr_t)o;
    d->config_text = config;
    f = llmf_open(d, &err);
    if (!f) fprintf(stderr, "%s\n", err.text);
    assert_non_null(f);
    return f;
}

/* Asks model `name` once; what came is in `seen`. */
static llmf_call ask(llmf_factory *f, const char *name, const llmf_request *with) {
    llmf_request req = kit_request(false);
    llmf_call c;
    kit_forget(&seen);
    c = llmf_start(f, llmf_get(f, name, NULL), with ? with : &req);
    assert_true(script_run(&s, f, c, &seen));
    assert_int_equal(seen.finals, 1);
    return c;
}

static void close_all(llmf_factory *f) {
    llmf_close(f);
    kit_drop(&s.w.log);
    kit_forget(&seen);
}

/* ---- when ---- */

typedef struct moment_row {
    const char *header, *value;
    int status, wait_ms;           /* before the repeat; -1: none is made */
    const char *body;
} moment_row;

static const moment_row moments[] = {
    {NULL, NULL, 503, 500, ERROR_BODY("x")},
    {"Retry-After", "2", 503, 2000, ERROR_BODY("x")},
    {"Retry-After", "0", 429, 0, ERROR_BODY("x")},
    {"Retry-After", "1.5", 429, 1500, ERROR_BODY("x")},
    {"retry-after-ms", "250", 429, 250, ERROR_BODY("x")},
    {"retry-after", "Tue, 14 Nov 2023 22:30:03 GMT", 429, 3000, ERROR_BODY("x")},
    {"retry-after", "Tuesday, 14-Nov-23 22:30:04 GMT", 429, 4000, ERROR_BODY("x")},
    {"retry-after", "Tue Nov 14 22:30:05 2023", 429, 5000, ERROR_BODY("x")},
    {"retry-after", "Tue, 14 Nov 2023 22:13:20 GMT", 429, 0, ERROR_BODY("x")}, /* over */
    {"retry-after", "soon", 429, 500, ERROR_BODY("x")},
    {"retry-after", "10", 429, 10000, ERROR_BODY("x")},
    {"retry-after", "11", 429, -1, ERROR_BODY("x")},
    {"retry-after", "99999999999999999999", 429, 500, ERROR_BODY("x")},
    {"x-should-retry", "false", 503, -1, ERROR_BODY("x")},
    {"x-should-retry", "true", 400, 500, ERROR_BODY("x")},
    {NULL, NULL, 429, 7000, "{\"error\":{\"code\":429,\"message\":\"no\",\"status\":\"RESOURCE_EXHAUSTED\",\"details\":[{\"@type\":\"type.googleapis.com/google.rpc.RetryInfo\",\"retryDelay\":\"7s\"}]}}"},
    {NULL, NULL, 400, -1, ERROR_BODY("x")},
    {NULL, NULL, 401, -1, ERROR_BODY("x")},
    {NULL, NULL, 429, -1, ERROR_BODY("insufficient_quota")},
};

static void each_form_of_retry_after(void **state) {
    size_t i;
    (void)state;
    for (i = 0; i < KIT_COUNT(moments); i++) {
        const moment_row *m = &moments[i];
        script_reply replies[2];
        in_order o = {replies, 2};
        llmf_factory *f;
        memset(replies, 0, sizeof replies);
        replies[0].status = m->status;
        replies[0].body = m->body;
        replies[0].headers[0] = m->header;
        replies[0].headers[1] = m->value;
        replies[1] = GOOD;
        f = open_with(ordered, &o, CONFIG MODELS "max_retries: 1}\n", NULL);
        while (s.w.now < UINT64_C(1000000000000)) s.w.now++;
        assert_int_equal(script_wall(&s.w), INT64_C(1700001000000)); /* Tue, 14 Nov 2023 22:30:00 GMT */
        ask(f, "a", NULL);
        if (s.asked != 1 + (m->wait_ms >= 0) || (s.asked == 2 && asked[1].at - asked[0].at != m->wait_ms)) {
            fprintf(stderr, "row %d (%s: %s): %d requests, %d ms\n", (int)i, m->header ? m->header : "-", m->value ? m->value : "-", s.asked, (int)(asked[1].at - asked[0].at));
            fail();
        }
        assert_int_equal(seen.code == LLMF_OK, m->wait_ms >= 0);
        assert_int_equal(seen.response.attempt_total, s.asked);
        if (m->wait_ms >= 0) assert_int_equal(seen.response.attempts[1].wait_ms, m->wait_ms);
        close_all(f);
    }
}

/* What is left of a limit and when it is filled again, where nothing says it more plainly. */
static void limits_that_say_when(void **state) {
    static const struct { const char *left, *value, *reset, *when; int wait_ms; } rows[] = {
        {"x-ratelimit-remaining-requests", "0", "x-ratelimit-reset-requests", "6m0s", -1},
        {"x-ratelimit-remaining-requests", "0", "x-ratelimit-reset-requests", "1.2s", 1200},
        {"x-ratelimit-remaining-tokens", "0", "x-ratelimit-reset-tokens", "120ms", 120},
        {"x-ratelimit-remaining-tokens", "5", "x-ratelimit-reset-tokens", "120ms", 500},
        {"anthropic-ratelimit-requests-remaining", "0", "anthropic-ratelimit-requests-reset", "2023-11-14T22:30:02Z", 2000},
        {"anthropic-ratelimit-input-tokens-remaining", "0", "anthropic-ratelimit-input-tokens-reset", "2023-11-14T22:30:03Z", 3000},
        {"x-ratelimit-remaining-requests", "0", "x-ratelimit-reset-requests", "1700001004", 4000},
    };
    size_t i;
    (void)state;
    for (i = 0; i < KIT_COUNT(rows); i++) {
        script_reply replies[2];
        in_order o = {replies, 2};
        llmf_factory *f;
        memset(replies, 0, sizeof replies);
        replies[0].status = 429;
        replies[0].body = ERROR_BODY("rate_limit_exceeded");
        replies[0].headers[0] = rows[i].left;
        replies[0].headers[1] = rows[i].value;
        replies[0].headers[2] = rows[i].reset;
        replies[0].headers[3] = rows[i].when;
        replies[1] = GOOD;
        f = open_with(ordered, &o, CONFIG MODELS "max_retries: 1}\n", NULL);
        ask(f, "a", NULL);
        if (s.asked != 1 + (rows[i].wait_ms >= 0) || (s.asked == 2 && asked[1].at - asked[0].at != rows[i].wait_ms)) {
            fprintf(stderr, "row %d: %d requests, %d ms\n", (int)i, s.asked, (int)(asked[1].at - asked[0].at));
            fail();
        }
        close_all(f);
    }
}

/* What one reply said of limits does not hold for the next. */
static void limits_that_are_over(void **state) {
    static const script_reply replies[] = {{1, 429, {"x-ratelimit-remaining-requests", "0", "x-ratelimit-reset-requests", "1.2s"}, ERROR_BODY("rate_limit_exceeded"), 0, 0, 0},
                                           {1, 429, {NULL}, ERROR_BODY("rate_limit_exceeded"), 0, 0, 0}, {1, 200, {NULL}, ANSWER, 0, 0, 0}};
    in_order o = {replies, 3};
    llmf_factory *f = open_with(ordered, &o, CONFIG MODELS "max_retries: 2}\n", NULL);
    (void)state;
    ask(f, "a", NULL);
    assert_int_equal(seen.code, LLMF_OK);
    assert_int_equal(asked[1].at - asked[0].at, 1 + 1200); /* the reply takes one */
    assert_int_equal(asked[2].at - asked[1].at, 1 + 1000); /* its own second wait */
    close_all(f);
}

/* Thirty years that a provider asks for are a day. */
static void a_day_at_most(void **state) {
    static const script_reply replies[] = {{1, 429, {"retry-after", "999999999"}, ERROR_BODY("rate_limit_exceeded"), 0, 0, 0}, {1, 200, {NULL}, ANSWER, 0, 0, 0}};
    in_order o = {replies, 2};
    llmf_factory *f = open_with(by_host, &o, CONFIG "models:\n  a: {provider: pa, model_id: m, fallbacks: [b]}\n  b: {provider: pb, model_id: m}\n", NULL);
    (void)state;
    ask(f, "a", NULL);
    s.w.now += UINT64_C(86390000000000);
    ask(f, "a", NULL);
    assert_int_equal(s.asked, 3);
    s.w.now += UINT64_C(20000000000);
    ask(f, "a", NULL);
    assert_int_equal(s.asked, 5);
    close_all(f);
}

/* min(5 s * 2^n, 60 s) five times, 4 to 10 s three times, and ours: as a config writes them. */
static void schedules(void **state) {
    static const struct { const char *config; int count; int64_t waits[6]; } rows[] = {
        {MODELS "max_retries: 5, retry_delay: 5s, retry_max_delay: 60s, retry_jitter: 0}\n", 5, {5000, 10000, 20000, 40000, 60000, 0}},
        {MODELS "max_retries: 3, retry_delay: 1s, retry_min_delay: 4s, retry_max_delay: 10s, retry_jitter: 0}\n", 3, {4000, 4000, 4000, 0, 0, 0}},
        {MODELS "max_retries: 3, retry_delay: 4s, retry_max_delay: 10s, retry_jitter: 0}\n", 3, {4000, 8000, 10000, 0, 0, 0}},
        {MODELS "description: ours}\n", 2, {500, 1000, 0, 0, 0, 0}},
        {MODELS "max_retries: 0}\n", 0, {0, 0, 0, 0, 0, 0}},
    };
    static const script_reply bad[] = {{10, 500, {NULL}, ERROR_BODY("x"), 0, 0, 0}};
    in_order o = {bad, 1};
    size_t i;
    int n;
    (void)state;
    for (i = 0; i < KIT_COUNT(rows); i++) {
        char config[1024];
        llmf_factory *f;
        snprintf(config, sizeof config, "%s%s", CONFIG, rows[i].config);
        f = open_with(ordered, &o, config, NULL);
        ask(f, "a", NULL);
        assert_int_equal(seen.code, LLMF_ERR_SERVER);
        assert_int_equal(s.asked, 1 + rows[i].count);
        for (n = 0; n < rows[i].count; n++) assert_int_equal(asked[n + 1].at - asked[n].at - 10, rows[i].waits[n]);
        assert_int_equal(seen.response.attempt_count, s.asked);
        close_all(f);
    }
}

/* Full jitter: every wait lies between nothing and its bound, and they are spread over it. */
static void jitter(void **state) {
    static const script_reply bad[] = {{0, 500, {NULL}, ERROR_BODY("x"), 0, 0, 0}};
    in_order o = {bad, 1};
    int64_t sum = 0, most = 0;
    int i;
    (void)state;
    for (i = 0; i < 200; i++) {
        llmf_desc d = script_desc(&s, ordered);
        llmf_factory *f;
        int64_t wait;
        d.retry.jitter = 0;
        s.w.now += (uint64_t)i * 1000003u;
        f = open_with(ordered, &o, CONFIG MODELS "max_retries: 1, retry_delay: 1s}\n", &d);
        ask(f, "a", NULL);
        wait = asked[1].at - asked[0].at;
        assert_in_range(wait, 0, 1000);
        sum += wait;
        if (wait > most) most = wait;
        close_all(f);
    }
    assert_in_range(sum / 200, 350, 650);
    assert_true(most > 800);
}

/* A wait that ends behind the call's own end is not begun: the error is there at once. */
static void no_time_left(void **state) {
    static const script_reply bad[] = {{100, 503, {"retry-after", "3"}, ERROR_BODY("x"), 0, 0, 0}};
    in_order o = {bad, 1};
    llmf_request req = kit_request(false);
    llmf_factory *f = open_with(ordered, &o, CONFIG MODELS "max_retries: 5}\n", NULL);
    int64_t from = script_ms(&s);
    (void)state;
    req.timeouts.total_ms = 7000;
    ask(f, "a", &req);
    assert_int_equal(seen.code, LLMF_ERR_OVERLOADED);
    assert_int_equal(s.asked, 3); /* at 0, 3.1 and 6.2 s; the next would be at 9.3 */
    assert_int_equal(script_ms(&s) - from, 6300);
    close_all(f);
}

/* ---- what is repeated ---- */

/* At each byte of a stream that it is cut at: repeated before the first content was handed out, never after it. */
static void nothing_repeated_after_content(void **state) {
    size_t cut, len = strlen(KIT_STORY), repeated = 0, kept = 0;
    (void)state;
    for (cut = 1; cut < len; cut++) {
        script_reply replies[2];
        in_order o = {replies, 2};
        llmf_request req = kit_request(true);
        llmf_factory *f;
        memset(replies, 0, sizeof replies);
        replies[0].status = 200;
        replies[0].body = KIT_STORY;
        replies[0].cut = cut;
        replies[0].end = LLMF_ERR_NETWORK;
        replies[1].status = 200;
        replies[1].body = KIT_STORY;
        f = open_with(ordered, &o, CONFIG MODELS "max_retries: 1}\n", NULL);
        ask(f, "a", &req);
        if (s.asked == 2) {
            repeated++;
            assert_int_equal(kept, 0); /* a later cut has more content */
            assert_int_equal(seen.code, LLMF_OK);
            assert_string_equal(kit_cstr(&seen.text), KIT_STORY_TEXT);
        } else {
            kept++;
            assert_int_equal(s.asked, 1);
            assert_true(seen.text.len > 0);
            assert_true(strncmp(kit_cstr(&seen.text), KIT_STORY_TEXT, seen.text.len) == 0);
        }
        close_all(f);
    }
    assert_true(repeated > 50 && kept > 300);
}

/* All fail: never more than (1 + retries) * models. */
static void total_attempts(void **state) {
    static const script_reply bad[] = {{1, 500, {NULL}, ERROR_BODY("x"), 0, 0, 0}};
    in_order o = {bad, 1};
    llmf_factory *f = open_with(by_host, &o, CONFIG "models:\n  a: {provider: pa, model_id: m, max_retries: 3, fallbacks: [b, c]}\n  b: {provider: pb, model_id: m, max_retries: 1}\n  c: {provider: pc, model_id: m}\n", NULL);
    int n;
    (void)state;
    ask(f, "a", NULL);
    assert_int_equal(seen.code, LLMF_ERR_ALL_FAILED);
    assert_int_equal(s.asked, 4 + 2 + 3);
    for (n = 0; n < 9; n++) assert_string_equal(asked[n].host, n < 4 ? "http://a.test" : n < 6 ? "http://b.test" : "http://c.test");
    assert_true(kit_has(seen.error, "all failed: [pa a: server: "));
    assert_true(kit_has(seen.error, ", pb b: server: "));
    assert_true(kit_has(seen.error, ", pc c: server: "));
    assert_true(kit_has(kit_cstr(&s.w.log), "pa a failed: server, switching to pb b"));
    assert_int_equal(seen.response.attempt_total, 9);
    close_all(f);
}

/* 10,000 attempts in the memory of a few, told by the latest ones. */
static void constant_memory(void **state) {
    static const script_reply bad[] = {{1, 500, {NULL}, ERROR_BODY("x"), 0, 0, 0}};
    in_order o = {bad, 1};
    size_t high[2];
    int k;
    (void)state;
    for (k = 0; k < 2; k++) {
        char config[512];
        llmf_factory *f;
        llmf_memory_info m;
        snprintf(config, sizeof config, "%s" MODELS "max_retries: %d, retry_delay: 1ms, retry_max_delay: 1ms, retry_jitter: 0, breaker_failures: 0}\n", CONFIG, k ? 10000 : 3);
        f = open_with(ordered, &o, config, NULL);
        ask(f, "a", NULL);
        assert_int_equal(seen.response.attempt_total, k ? 10001 : 4);
        assert_int_equal(s.asked, k ? 10001 : 4);
        assert_int_equal(seen.response.attempt_count, k ? LLMF_MAX_ATTEMPTS : 4);
        llmf_memory(f, &m);
        high[k] = m.high_water;
        close_all(f);
    }
    assert_int_equal(high[0], high[1]);
}

/* ---- chains ---- */

#define CHAIN CONFIG "models:\n  a: {provider: pa, model_id: m, fallbacks: [b]}\n  b: {provider: pb, model_id: m}\n"

/* A limit moves on at once; the model is not asked again until it has cooled down. */
static void limit_moves_on(void **state) {
    static const script_reply replies[] = {{10, 429, {"retry-after", "30"}, ERROR_BODY("rate_limit_exceeded"), 0, 0, 0}, {10, 200, {NULL}, ANSWER, 0, 0, 0}};
    in_order o = {replies, 2};
    llmf_factory *f = open_with(by_host, &o, CHAIN, NULL);
    int64_t from = script_ms(&s);
    (void)state;
    ask(f, "a", NULL);
    assert_int_equal(seen.code, LLMF_OK);
    assert_int_equal(s.asked, 2);
    assert_int_equal(asked[1].at - asked[0].at, 10);
    assert_true(kit_is(seen.response.provider, "pb"));
    assert_int_equal(seen.response.attempts[0].error, LLMF_ERR_RATE_LIMIT);
    assert_int_equal(seen.response.attempts[0].http_status, 429);
    assert_true(kit_has(kit_cstr(&s.w.log), "pa a quota exceeded, switching to pb b"));
    ask(f, "a", NULL); /* cooling down: only b is asked */
    assert_int_equal(s.asked, 3);
    assert_string_equal(asked[2].host, "http://b.test");
    assert_int_equal(seen.response.attempt_total, 1);
    s.w.now += UINT64_C(30000000000) - (uint64_t)(script_ms(&s) - from - 10) * 1000000u - 1000000u; /* one millisecond too early */
    ask(f, "a", NULL);
    assert_string_equal(asked[s.asked - 1].host, "http://b.test");
    assert_int_equal(s.asked, 4);
    s.w.now += 1000000u;
    ask(f, "a", NULL);
    assert_int_equal(s.asked, 6);
    assert_string_equal(asked[4].host, "http://a.test");
    close_all(f);
}

/* What moves on and what does not, by cause. */
static void causes(void **state) {
    static const struct { int status; const char *body, *on; int requests; } rows[] = {
        {400, ERROR_BODY("context_length_exceeded"), "any", 2},
        {400, ERROR_BODY("context_length_exceeded"), "context_length", 2},
        {400, ERROR_BODY("context_length_exceeded"), "[rate_limit, quota]", 1},
        {400, ERROR_BODY("content_filter"), "content_filter", 2},
        {400, ERROR_BODY("x"), "any", 2},
        {400, ERROR_BODY("x"), "[server, timeout, auth]", 1},
        {401, ERROR_BODY("invalid_api_key"), "auth", 2},
        {404, ERROR_BODY("model_not_found"), "not_found", 2},
        {429, ERROR_BODY("insufficient_quota"), "quota", 2},
        {429, ERROR_BODY("rate_limit_exceeded"), "rate_limit", 2},
        {429, ERROR_BODY("insufficient_quota"), "timeout", 1},
        {500, ERROR_BODY("x"), "server", 4},          /* two repeats first */
        {500, ERROR_BODY("x"), "timeout", 3},
    };
    size_t i;
    (void)state;
    for (i = 0; i < KIT_COUNT(rows); i++) {
        script_reply replies[2];
        in_order o = {replies, 2};
        char config[1024];
        llmf_factory *f;
        memset(replies, 0, sizeof replies);
        replies[0].status = rows[i].status;
        replies[0].body = rows[i].body;
        replies[1] = GOOD;
        snprintf(config, sizeof config, "%smodels:\n  a: {provider: pa, model_id: m, fallbacks: [b], fallback_on: %s}\n  b: {provider: pb, model_id: m}\n", CONFIG, rows[i].on);
        f = open_with(by_host, &o, config, NULL);
        ask(f, "a", NULL);
        if (s.asked != rows[i].requests) fprintf(stderr, "row %d: %d requests, code %d\n", (int)i, s.asked, seen.code);
        assert_int_equal(s.asked, rows[i].requests);
        assert_int_equal(seen.code == LLMF_OK, strcmp(asked[s.asked - 1].host, "http://b.test") == 0);
        close_all(f);
    }
}

/* The chain of the environment, of llmf_desc, and of the request itself. */
static void where_chains_come_from(void **state) {
    static const script_reply replies[] = {{10, 500, {NULL}, ERROR_BODY("x"), 0, 0, 0}, {10, 200, {NULL}, ANSWER, 0, 0, 0}};
    static const char *const env[] = {"LLM_FALLBACK_PROVIDERS", "pa, pb", NULL};
    static const char *const names[] = {"b"};
    in_order o = {replies, 2};
    int k;
    (void)state;
    for (k = 0; k < 4; k++) {
        llmf_desc d = script_desc(&s, by_host);
        llmf_request req = kit_request(false);
        llmf_model chain[1];
        llmf_factory *f;
        if (k == 0) s.w.env = env;
        if (k == 1) {
            d.fallbacks = names;
            d.fallback_count = 1;
        }
        f = open_with(by_host, &o, CONFIG "  pd: {dialect: openai, base_url: 'http://a.test/v1'}\nmodels:\n  a: {provider: pa, model_id: m, max_retries: 0}\n  b: {provider: pb, model_id: m}\n", &d);
        (void)llmf_register(f, &(llmf_provider_desc){.name = "pb", .dialect = "openai", .base_url = "http://b.test/v1", .default_model = "m", .config = "{auth: none}"}, NULL);
        chain[0] = llmf_get(f, "b", NULL);
        req.fallback_count = k >= 2;
        req.fallbacks = k == 2 ? chain : NULL;
        if (k == 3) s.w.env = env;
        ask(f, "a", &req);
        assert_int_equal(seen.code, k == 3 ? LLMF_ERR_SERVER : LLMF_OK);
        assert_int_equal(s.asked, k == 3 ? 1 : 2);
        close_all(f);
    }
}

/* ---- keys ---- */

static char sent_keys[64][24];

static script_reply by_key(script *x, const llmf_http_request *req, int n) {
    const in_order *o = (const in_order *)x->data;
    size_t i;
    note(x, req);
    for (i = 0; i < req->header_count; i++)
        if (kit_is(req->headers[i].name, "Authorization") && n <= 64) snprintf(sent_keys[n - 1], sizeof sent_keys[0], "%.*s", (int)req->headers[i].value.len, req->headers[i].value.ptr);
    return o->at[n <= o->count ? n - 1 : o->count - 1];
}

static const char *const three_keys[] = {"K1", "one", "K2", "two", "K3", "three", NULL};
#define KEYS "providers:\n  pa: {dialect: openai, base_url: 'http://a.test/v1', api_key_env_vars: [K1, K2, K3]}\nmodels:\n  a: {provider: pa, model_id: m, max_retries: 0, cooldown: 60s}\n"

/* Used in turn; a wrong one and one without money are out for a while, one with a limit until that is over; none left: said with the time. */
static void several_keys(void **state) {
    static const script_reply replies[] = {
        {1, 200, {NULL}, ANSWER, 0, 0, 0}, {1, 200, {NULL}, ANSWER, 0, 0, 0}, {1, 200, {NULL}, ANSWER, 0, 0, 0},
        {1, 401, {NULL}, ERROR_BODY("invalid_api_key"), 0, 0, 0}, {1, 200, {NULL}, ANSWER, 0, 0, 0}, /* the first is out */
        {1, 429, {"retry-after", "5"}, ERROR_BODY("rate_limit_exceeded"), 0, 0, 0}, {1, 402, {NULL}, ERROR_BODY("insufficient_quota"), 0, 0, 0},
        {1, 200, {NULL}, ANSWER, 0, 0, 0}};
    in_order o = {replies, 8};
    llmf_desc d = script_desc(&s, by_key);
    llmf_factory *f;
    int i;
    (void)state;
    s.w.env = three_keys;
    f = open_with(by_key, &o, KEYS, &d);
    for (i = 0; i < 3; i++) ask(f, "a", NULL);
    assert_string_equal(sent_keys[0], "Bearer one");
    assert_string_equal(sent_keys[1], "Bearer two");
    assert_string_equal(sent_keys[2], "Bearer three");
    ask(f, "a", NULL);
    assert_int_equal(seen.code, LLMF_OK);
    assert_string_equal(sent_keys[3], "Bearer one");
    assert_string_equal(sent_keys[4], "Bearer two");
    assert_int_equal(seen.response.attempt_total, 2);
    ask(f, "a", NULL); /* three: limit for 5 s; then two: no money: none is left */
    assert_int_equal(s.asked, 7);
    assert_int_equal(seen.code, LLMF_ERR_QUOTA);
    ask(f, "a", NULL);
    assert_int_equal(s.asked, 7); /* nothing was sent */
    assert_int_equal(seen.code, LLMF_ERR_RATE_LIMIT);
    assert_true(kit_has(seen.error, "no key of provider pa may be used now"));
    assert_int_equal(seen.response.error.retry_after_ms, 4999);
    assert_int_equal(seen.response.attempt_total, 0);
    s.w.now += UINT64_C(5000000000);
    ask(f, "a", NULL);
    assert_int_equal(seen.code, LLMF_OK);
    assert_string_equal(sent_keys[7], "Bearer three");
    assert_false(kit_has(kit_cstr(&s.w.log), "three"));
    close_all(f);
}

/* ---- breakers ---- */

/* Open behind so many failures in a row: not asked for its time; then one call tries, and what it meets decides. */
static void breaker(void **state) {
    script_reply replies[2];
    in_order o = {replies, 2};
    llmf_factory *f;
    llmf_call c[3];
    llmf_request req = kit_request(false);
    int i;
    (void)state;
    memset(replies, 0, sizeof replies);
    replies[0].status = 500, replies[0].body = ERROR_BODY("x"), replies[0].delay_ms = 5;
    replies[1] = GOOD;
    f = open_with(by_host, &o, CONFIG "models:\n  a: {provider: pa, model_id: m, fallbacks: [b], max_retries: 0, breaker_failures: 3, breaker_time: 10s}\n  b: {provider: pb, model_id: m}\n", NULL);
    for (i = 0; i < 3; i++) ask(f, "a", NULL);
    assert_int_equal(s.asked, 6);
    assert_true(kit_has(kit_cstr(&s.w.log), "its breaker is open for 10000 ms"));
    ask(f, "a", NULL);
    assert_int_equal(s.asked, 7); /* b alone */
    assert_string_equal(asked[6].host, "http://b.test");
    s.w.now += UINT64_C(10000000000);
    for (i = 0; i < 3; i++) c[i] = llmf_start(f, llmf_get(f, "a", NULL), &req); /* half open: one of three tries */
    for (i = 0; i < 3; i++) {
        kit_forget(&seen);
        assert_true(script_run(&s, f, c[i], &seen));
        assert_int_equal(seen.code, LLMF_OK);
        llmf_free(f, c[i]);
    }
    assert_int_equal(s.asked, 7 + 1 + 3);
    ask(f, "a", NULL); /* open again */
    assert_int_equal(s.asked, 12);
    replies[0] = GOOD;
    s.w.now += UINT64_C(10000000000);
    ask(f, "a", NULL); /* tries, and it closes */
    assert_string_equal(asked[12].host, "http://a.test");
    for (i = 0; i < 3; i++) c[i] = llmf_start(f, llmf_get(f, "a", NULL), &req);
    for (i = 0; i < 3; i++) {
        kit_forget(&seen);
        assert_true(script_run(&s, f, c[i], &seen));
        llmf_free(f, c[i]);
    }
    for (i = 13; i < 16; i++) assert_string_equal(asked[i].host, "http://a.test");
    close_all(f);
}

/* Without a chain it refuses only where somebody asked for it. */
static void breaker_alone(void **state) {
    static const script_reply bad[] = {{1, 500, {NULL}, ERROR_BODY("x"), 0, 0, 0}};
    in_order o = {bad, 1};
    int k, i;
    (void)state;
    for (k = 0; k < 2; k++) {
        llmf_factory *f = open_with(ordered, &o, k ? CONFIG MODELS "max_retries: 0, breaker_failures: 5}\n" : CONFIG MODELS "max_retries: 0}\n", NULL);
        for (i = 0; i < 8; i++) ask(f, "a", NULL);
        assert_int_equal(s.asked, k ? 5 : 8);
        assert_int_equal(seen.code, k ? LLMF_ERR_OVERLOADED : LLMF_ERR_SERVER);
        if (k) assert_true(kit_has(seen.error, "has failed too often, and is not asked for 30000 ms"));
        close_all(f);
    }
}

/* ---- limits ---- */

enum { MANY = 300 };
static struct { int64_t at; int priority; } sent[MANY * 2];
static int sent_count;

static script_reply counted(script *x, const llmf_http_request *req, int n) {
    const in_order *o = (const in_order *)x->data;
    const char *at = strstr(x->body, "priority ");
    (void)req, (void)n;
    sent[sent_count].at = script_ms(x);
    sent[sent_count++].priority = at ? atoi(at + 9) : 0;
    return o->at[0];
}

/* Starts `count` calls at once and runs all to their ends. */
static void flood(llmf_factory *f, int count, int priorities) {
    static llmf_call calls[MANY];
    llmf_request req = kit_request(false);
    char prompt[32];
    int i, left = count;
    sent_count = 0;
    req.prompt = prompt;
    req.max_tokens = 100;
    for (i = 0; i < count; i++) {
        req.priority = priorities ? i % priorities : 0;
        snprintf(prompt, sizeof prompt, "priority %d", req.priority);
        calls[i] = llmf_start(f, llmf_get(f, "a", NULL), &req);
        assert_true(calls[i].id != 0);
    }
    while (left) {
        llmf_event ev;
        assert_true(script_step(&s, f));
        while (llmf_next_any(f, &ev))
            if (ev.response) {
                assert_int_equal(ev.response->error.code, LLMF_OK);
                llmf_free(f, ev.call);
                left--;
            }
    }
}

/* The most that were sent in any minute. */
static int most_a_minute(int width_ms) {
    int i, from = 0, most = 0;
    for (i = 0; i < sent_count; i++) {
        while (sent[i].at - sent[from].at >= width_ms) from++;
        if (i - from + 1 > most) most = i - from + 1;
    }
    return most;
}

/* Requests a minute, in any minute; and not a quarter less than is allowed. */
static void requests_a_minute(void **state) {
    in_order o = {&GOOD, 1};
    llmf_desc d = script_desc(&s, counted);
    llmf_factory *f;
    int64_t from;
    (void)state;
    d.max_calls = MANY;
    f = open_with(counted, &o, CONFIG MODELS "rpm: 20}\n", &d);
    from = script_ms(&s);
    flood(f, 100, 0);
    assert_int_equal(sent_count, 100);
    assert_int_equal(most_a_minute(60000), 20);
    assert_in_range(script_ms(&s) - from, 240000, 4 * 62000 + 1000);
    close_all(f);
}

/* The provider's limit holds for all of its models together. */
static void requests_of_a_provider(void **state) {
    in_order o = {&GOOD, 1};
    llmf_desc d = script_desc(&s, counted);
    llmf_request req = kit_request(false);
    llmf_call c[20];
    llmf_factory *f;
    int i;
    (void)state;
    sent_count = 0;
    f = open_with(counted, &o, "providers:\n  pa: {dialect: openai, base_url: 'http://a.test/v1', auth: none, rpm: 5}\nmodels:\n  a: {provider: pa, model_id: m}\n  b: {provider: pa, model_id: n}\n", &d);
    for (i = 0; i < 20; i++) c[i] = llmf_start(f, llmf_get(f, i & 1 ? "b" : "a", NULL), &req);
    for (i = 0; i < 20; i++) {
        kit_forget(&seen);
        assert_true(script_run(&s, f, c[i], &seen));
        assert_int_equal(seen.code, LLMF_OK);
    }
    assert_int_equal(most_a_minute(60000), 5);
    close_all(f);
}

/* Tokens are guessed before they are known, and corrected after: a minute has no more than its limit, and what was guessed too high is used again. */
static void tokens_a_minute(void **state) {
    in_order o = {&GOOD, 1}; /* 13 tokens each */
    llmf_desc d = script_desc(&s, counted);
    llmf_factory *f;
    (void)state;
    d.max_calls = MANY;
    f = open_with(counted, &o, CONFIG MODELS "tpm: 1300}\n", &d);
    flood(f, 250, 0);
    assert_int_equal(sent_count, 250);
    assert_true(most_a_minute(60000) <= 100);
    assert_true(most_a_minute(60000) >= 90);
    close_all(f);
}

/* So many at once, the others in their order, those of higher priority first. */
static void at_once_and_in_order(void **state) {
    in_order o = {&GOOD, 1};
    llmf_desc d = script_desc(&s, counted);
    llmf_factory *f;
    int i;
    (void)state;
    d.max_calls = MANY;
    f = open_with(counted, &o, CONFIG MODELS "max_concurrent: 4}\n", &d);
    flood(f, 60, 3);
    assert_int_equal(most_a_minute(10), 4);
    for (i = 5; i < 60; i++) assert_true(sent[i].priority <= sent[i - 1].priority); /* the first four went before anybody waited */
    assert_int_equal(llmfi_health_find(f, LLMFI_LIT("pa"), LLMFI_LIT("m"), llmfi_handle_hash("http://a.test/v1", 16))->running, 0);
    assert_null(f->queue_first);
    close_all(f);
}

/* A call that waits for room is cancelled, freed, or gives up in its own time; the others go on. */
static void waiting_ends(void **state) {
    in_order o = {&GOOD, 1};
    llmf_factory *f = open_with(counted, &o, CONFIG MODELS "rpm: 1, timeout_queue: 2s}\n", NULL);
    llmf_request req = kit_request(false);
    llmf_model m = llmf_get(f, "a", NULL);
    llmf_call first = llmf_start(f, m, &req), a, b, c;
    size_t used;
    (void)state;
    kit_forget(&seen);
    assert_true(script_run(&s, f, first, &seen));
    used = kit_used(f);
    a = llmf_start(f, m, &req);
    b = llmf_start(f, m, &req);
    c = llmf_start(f, m, &req);
    llmf_free(f, a);
    llmf_cancel(f, b);
    kit_forget(&seen);
    assert_true(script_run(&s, f, b, &seen));
    assert_int_equal(seen.code, LLMF_ERR_CANCELLED);
    assert_int_equal(seen.response.attempt_total, 0);
    kit_forget(&seen);
    assert_true(script_run(&s, f, c, &seen));
    assert_int_equal(seen.code, LLMF_ERR_TIMEOUT);
    assert_true(kit_has(seen.error, "queue_ms"));
    llmf_free(f, b);
    llmf_free(f, c);
    assert_int_equal(kit_used(f), used);
    assert_null(f->queue_first);
    close_all(f);
}

/* A stream that drips slower than it must is a timeout; one that is fast enough is none. */
static void slow_streams(void **state) {
    int k;
    (void)state;
    for (k = 0; k < 2; k++) {
        kit_text body = {0};
        script_reply reply;
        in_order o = {&reply, 1};
        llmf_request req = kit_request(true);
        llmf_factory *f;
        kit_counting(&body, NULL, 100);
        memset(&reply, 0, sizeof reply);
        reply.status = 200, reply.body = kit_cstr(&body), reply.piece_ms = k ? 3000 : 300; /* of about 120 bytes */
        f = open_with(ordered, &o, CONFIG MODELS "min_bytes_per_second: 100}\n", NULL);
        ask(f, "a", &req);
        assert_int_equal(seen.code, k ? LLMF_ERR_TIMEOUT : LLMF_OK);
        if (k) assert_true(kit_has(seen.error, "too slow"));
        assert_int_equal(s.asked, 1);
        close_all(f);
        kit_drop(&body);
    }
}

/* Cancelled, freed, closed at each moment of a call that fails again and again: nothing is left, and it ends once. */
static void ended_at_each_moment(void **state) {
    static const script_reply bad[] = {{10, 503, {"retry-after-ms", "30"}, ERROR_BODY("x"), 0, 0, 0}};
    in_order o = {bad, 1};
    llmf_request req = kit_request(true);
    int how, steps;
    (void)state;
    for (how = 0; how < 3; how++)
        for (steps = 0; steps < 14; steps++) {
            llmf_factory *f = open_with(by_host, &o, CHAIN, NULL);
            llmf_model m = llmf_get(f, "a", NULL);
            size_t used;
            llmf_call c;
            int i;
            llmf_get(f, "b", NULL);
            used = kit_used(f);
            kit_forget(&seen);
            c = llmf_start(f, m, &req);
            for (i = 0; i < steps; i++) script_step(&s, f);
            if (how == 0) llmf_cancel(f, c);
            if (how == 1) llmf_free(f, c);
            if (how == 0) {
                assert_true(script_run(&s, f, c, &seen));
                assert_true(seen.code == LLMF_ERR_CANCELLED || seen.code == LLMF_ERR_ALL_FAILED);
                llmf_free(f, c);
            }
            if (how < 2) {
                assert_int_equal(kit_used(f), used);
                assert_int_equal(s.under_way, 0);
            }
            close_all(f);
        }
}

/* ---- asked twice ---- */

typedef struct hedge_row {
    const char *name;
    script_reply first, second;
    int requests, code, ms;        /* ms: until the answer */
    const char *by;
} hedge_row;

#define LATE CONFIG "models:\n  a: {provider: pa, model_id: m, fallbacks: [b], max_retries: 0, hedge_after: 100ms}\n  b: {provider: pb, model_id: m}\n"

static const hedge_row hedges[] = {
    {"in time", {90, 200, {NULL}, KIT_STORY, 0, 0, 0}, {10, 200, {NULL}, KIT_STORY, 0, 0, 0}, 1, LLMF_OK, 90, "pa"},
    {"the second is first", {5000, 200, {NULL}, KIT_STORY, 0, 0, 0}, {10, 200, {NULL}, KIT_STORY, 0, 0, 0}, 2, LLMF_OK, 110, "pb"},
    {"the second streams on", {5000, 200, {NULL}, KIT_STORY, 0, 0, 0}, {10, 200, {NULL}, KIT_STORY, 0, 30, 0}, 2, LLMF_OK, 110 + 9 * 30, "pb"},
    {"the first after all", {200, 200, {NULL}, KIT_STORY, 0, 0, 0}, {5000, 200, {NULL}, KIT_STORY, 0, 0, 0}, 2, LLMF_OK, 200, "pa"},
    {"the second fails", {300, 200, {NULL}, KIT_STORY, 0, 0, 0}, {10, 500, {NULL}, ERROR_BODY("x"), 0, 0, 0}, 2, LLMF_OK, 300, "pa"},
    {"the first fails while the second is asked", {150, 500, {NULL}, ERROR_BODY("x"), 0, 0, 0}, {200, 200, {NULL}, KIT_STORY, 0, 0, 0}, 2, LLMF_OK, 300, "pb"},
    {"never and late", {-1, 0, {NULL}, NULL, 0, 0, 0}, {2000, 200, {NULL}, KIT_STORY, 0, 0, 0}, 2, LLMF_OK, 2100, "pb"},
    {"cut behind content", {5000, 200, {NULL}, KIT_STORY, 0, 0, 0}, {10, 200, {NULL}, KIT_STORY, 500, 10, LLMF_ERR_NETWORK}, 2, LLMF_ERR_TRUNCATED, 140, "pb"},
    {"cut behind content that nobody has seen", {5000, 200, {NULL}, KIT_STORY, 0, 0, 0}, {10, 200, {NULL}, KIT_STORY, 500, 0, LLMF_ERR_NETWORK}, 2, LLMF_OK, 5000, "pa"},
};

static void hedged(void **state) {
    size_t i;
    (void)state;
    for (i = 0; i < KIT_COUNT(hedges); i++) {
        const hedge_row *h = &hedges[i];
        script_reply replies[2];
        in_order o = {replies, 2};
        llmf_request req = kit_request(true);
        llmf_factory *f;
        llmf_call c;
        int64_t from;
        size_t used;
        replies[0] = h->first, replies[1] = h->second;
        f = open_with(by_host, &o, LATE, NULL);
        from = script_ms(&s);
        llmf_get(f, "a", NULL);
        llmf_get(f, "b", NULL);
        used = kit_used(f);
        c = ask(f, "a", &req);
        if (s.asked != h->requests || seen.code != h->code || script_ms(&s) - from != h->ms || !kit_is(seen.response.provider, h->by))
            fail_msg("%s: %d requests, %s, %d ms: %s", h->name, s.asked, llmf_result_name(seen.code), (int)(script_ms(&s) - from), seen.error);
        if (h->code == LLMF_OK) assert_string_equal(kit_cstr(&seen.text), KIT_STORY_TEXT);
        assert_true(seen.response.call.id == c.id);
        assert_int_equal(seen.response.attempt_total, h->requests);
        llmf_poll(f, 0);
        assert_int_equal(s.under_way, 0);
        llmf_free(f, c);
        assert_int_equal(kit_used(f), used);
        assert_null(f->calls);
        close_all(f);
    }
}

/* Both fail: the chain goes on from there, and each attempt is told of once. */
static void hedged_and_both_fail(void **state) {
    static const script_reply replies[] = {{300, 500, {NULL}, ERROR_BODY("x"), 0, 0, 0}, {100, 503, {NULL}, ERROR_BODY("x"), 0, 0, 0}, {300, 503, {NULL}, ERROR_BODY("x"), 0, 0, 0}};
    in_order o = {replies, 3};
    int k;
    (void)state;
    for (k = 0; k < 2; k++) {
        llmf_factory *f = open_with(by_host, &o, k ? CONFIG "models:\n  a: {provider: pa, model_id: m, fallbacks: [c], max_retries: 0, hedge_after: 100ms}\n  c: {provider: pc, model_id: m, max_retries: 0}\n" :
                                    CONFIG "models:\n  a: {provider: pa, model_id: m, fallbacks: [b], max_retries: 0, hedge_after: 100ms}\n  b: {provider: pb, model_id: m, max_retries: 0}\n", NULL);
        ask(f, "a", NULL);
        assert_int_equal(seen.code, LLMF_ERR_ALL_FAILED);
        assert_int_equal(seen.response.attempt_total, s.asked);
        close_all(f);
    }
}

/* Cancelled, freed, closed at each moment of two that run. */
static void hedged_and_ended(void **state) {
    static const script_reply replies[] = {{900, 200, {NULL}, KIT_STORY, 0, 20, 0}, {40, 200, {NULL}, KIT_STORY, 0, 20, 0}};
    in_order o = {replies, 2};
    llmf_request req = kit_request(true);
    int how, steps;
    (void)state;
    for (how = 0; how < 3; how++)
        for (steps = 0; steps < 30; steps++) {
            llmf_factory *f = open_with(by_host, &o, LATE, NULL);
            llmf_model m = llmf_get(f, "a", NULL);
            size_t used;
            llmf_call c;
            int i;
            llmf_get(f, "b", NULL);
            used = kit_used(f);
            c = llmf_start(f, m, &req);
            kit_forget(&seen);
            for (i = 0; i < steps; i++) {
                script_step(&s, f);
                if (i & 1) kit_take(f, c, &seen);
            }
            if (how == 0) llmf_cancel(f, c);
            if (how == 0) assert_true(seen.finals || script_run(&s, f, c, &seen));
            if (how < 2) {
                llmf_free(f, c);
                llmf_poll(f, 0);
                assert_int_equal(kit_used(f), used);
                assert_int_equal(s.under_way, 0);
                assert_int_equal(f->active, 0);
            }
            close_all(f);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limits_that_are_over), cmocka_unit_test(a_day_at_most), cmocka_unit_test(each_form_of_retry_after), cmocka_unit_test(limits_that_say_when), cmocka_unit_test(schedules), cmocka_unit_test(jitter), cmocka_unit_test(no_time_left),
        cmocka_unit_test(nothing_repeated_after_content), cmocka_unit_test(total_attempts), cmocka_unit_test(constant_memory), cmocka_unit_test(limit_moves_on), cmocka_unit_test(causes),
        cmocka_unit_test(where_chains_come_from), cmocka_unit_test(several_keys), cmocka_unit_test(breaker), cmocka_unit_test(breaker_alone), cmocka_unit_test(requests_a_minute),
        cmocka_unit_test(requests_of_a_provider), cmocka_unit_test(tokens_a_minute), cmocka_unit_test(at_once_and_in_order), cmocka_unit_test(waiting_ends),
        cmocka_unit_test(hedged), cmocka_unit_test(hedged_and_both_fail), cmocka_unit_test(hedged_and_ended), cmocka_unit_test(slow_streams), cmocka_unit_test(ended_at_each_moment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
