/* The matrix of faults: each one over curl, the socket transport and replay, streamed and plain. Without a policy the code is told as it is; with one the right thing is
   done about it: repeated at the right moment and then answered, moved to the next model, or told at once, and after content nothing but that. A canary stands in the
   key and in the prompt: it is in no log line, error, or anything else that a call leaves behind. */
#include "kit.h"
#include "server.h"

enum { STREAM = 1, PLAIN = 2, BOTH = 3 };
enum { TOLD = 0, AGAIN = 1, MOVES = 2, FINE = 4, ONLY_MOVES = 8 }; /* FINE: no fault to the caller; ONLY_MOVES: it never passes, so there is nothing to repeat */

#define KEY "sk-canary-7f3a91c05e"
#define BAD_KEY "sk-invalid"
#define PROMPT "Tell me about the canary-b81d44e7 bird."
static const char *const canaries[] = {"canary-7f3a91c05e", BAD_KEY, "canary-b81d44e7"};

/* The same fault as a recording. A body of NULL is a whole answer. */
typedef struct played {
    int status;                    /* 0: there is none of it */
    const char *name, *value, *body;
    uint64_t cut, reset, stall;
    size_t chunk;
} played;

typedef struct fault {
    const char *name, *path;       /* behaviours of tests/loopback; NULL: the key is wrong; "-": nobody listens */
    int how, code, also, action;   /* also: another code that is as right; 0: none */
    int wait_ms, slack_ms;         /* before the repeat: at least, and so much less where a date has whole seconds */
    played replay;
} fault;

#define BODY "{\"error\":{\"message\":\"no\",\"type\":\"t\",\"code\":\"x\"}}"
#define ANSWER "{\"id\":\"a\",\"object\":\"chat.completion\",\"model\":\"m-1\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"Once upon a time.\"},\"finish_reason\":\"stop\"}]," \
    "\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":4,\"total_tokens\":13}}"
enum { DELAY_MS = 20 };            /* retry_delay of the config */

static const fault faults[] = {
    {"nothing wrong", "", BOTH, LLMF_OK, 0, FINE, 0, 0, {200, NULL, NULL, NULL, 0, 0, 0, 0}},
    {"drip", "/x-drip-20", BOTH, LLMF_OK, 0, FINE, 0, 0, {200, NULL, NULL, NULL, 0, 0, 0, 1}},
    {"429, in a second", "/x-status-429/x-retry-after-1", BOTH, LLMF_ERR_RATE_LIMIT, 0, AGAIN | MOVES, 1000, 0, {429, "Retry-After", "1", BODY, 0, 0, 0, 0}},
    {"429, at a date", "/x-status-429/x-retry-date-1", BOTH, LLMF_ERR_RATE_LIMIT, 0, AGAIN | MOVES, 1000, 1000, {429, "Retry-After", "Tue, 14 Nov 2023 22:13:21 GMT", BODY, 0, 0, 0, 0}},
    {"429, in 50 ms", "/x-status-429/x-retry-after-ms-50", BOTH, LLMF_ERR_RATE_LIMIT, 0, AGAIN | MOVES, 50, 0, {429, "retry-after-ms", "50", BODY, 0, 0, 0, 0}},
    {"429, in an hour", "/x-status-429/x-retry-after-3600", BOTH, LLMF_ERR_RATE_LIMIT, 0, MOVES, 0, 0, {429, "Retry-After", "3600", BODY, 0, 0, 0, 0}},
    {"429, no money", "/x-status-429/x-code-insufficient_quota", BOTH, LLMF_ERR_QUOTA, 0, MOVES, 0, 0, {429, NULL, NULL, "{\"error\":{\"message\":\"no\",\"code\":\"insufficient_quota\"}}", 0, 0, 0, 0}},
    {"500", "/x-status-500", BOTH, LLMF_ERR_SERVER, 0, AGAIN | MOVES, DELAY_MS, 0, {500, NULL, NULL, BODY, 0, 0, 0, 0}},
    {"502, HTML", "/x-html-502", BOTH, LLMF_ERR_SERVER, 0, AGAIN | MOVES, DELAY_MS, 0, {502, NULL, NULL, "<html><title>502</title></html>", 0, 0, 0, 0}},
    {"503", "/x-status-503", BOTH, LLMF_ERR_OVERLOADED, 0, AGAIN | MOVES, DELAY_MS, 0, {503, NULL, NULL, BODY, 0, 0, 0, 0}},
    {"503, in 50 ms", "/x-status-503/x-retry-after-ms-50", BOTH, LLMF_ERR_OVERLOADED, 0, AGAIN | MOVES, 50, 0, {503, "retry-after-ms", "50", BODY, 0, 0, 0, 0}},
    {"529", "/x-status-529", BOTH, LLMF_ERR_OVERLOADED, 0, AGAIN | MOVES, DELAY_MS, 0, {529, NULL, NULL, BODY, 0, 0, 0, 0}},
    {"error in 200", "/x-error-in-200", PLAIN, LLMF_ERR_SERVER, 0, AGAIN | MOVES, DELAY_MS, 0, {200, NULL, NULL, "{\"error\":{\"message\":\"no\",\"code\":502}}", 0, 0, 0, 0}},
    {"error in 200, behind content", "/x-error-in-200", STREAM, LLMF_ERR_SERVER, 0, TOLD, 0, 0,
        {200, NULL, NULL, KIT_CHUNK("{\"content\":\"A\"}") "data: {\"error\":{\"message\":\"no\",\"code\":502}}\n\n", 0, 0, 0, 0}},
    {"empty", "/x-empty", BOTH, LLMF_ERR_TRUNCATED, 0, AGAIN | MOVES, DELAY_MS, 0, {200, NULL, NULL, "", 0, 0, 0, 0}},
    {"cut before content", "/x-cut-0", BOTH, LLMF_ERR_TRUNCATED, 0, AGAIN | MOVES, DELAY_MS, 0, {200, NULL, NULL, NULL, 20, 0, 0, 0}},
    {"cut in the content", "/x-cut-900", STREAM, LLMF_ERR_TRUNCATED, 0, TOLD, 0, 0, {200, NULL, NULL, NULL, 450, 0, 0, 0}},
    {"cut in the answer", "/x-cut-200", PLAIN, LLMF_ERR_TRUNCATED, 0, AGAIN | MOVES, DELAY_MS, 0, {200, NULL, NULL, NULL, 100, 0, 0, 0}},
    {"cut in the head", "/x-cut-head", BOTH, LLMF_ERR_NETWORK, LLMF_ERR_TRUNCATED, AGAIN | MOVES, DELAY_MS, 0, {0, NULL, NULL, NULL, 0, 0, 0, 0}},
    {"reset before content", "/x-rst-0", BOTH, LLMF_ERR_TRUNCATED, LLMF_ERR_NETWORK, AGAIN | MOVES, DELAY_MS, 0, {200, NULL, NULL, NULL, 0, 1, 0, 0}},
    {"reset in the content", "/x-rst-900/d60000", STREAM, LLMF_ERR_TRUNCATED, 0, TOLD, 0, 0, {200, NULL, NULL, NULL, 0, 450, 0, 0}},
    {"stall before content", "/x-stall-0", BOTH, LLMF_ERR_TIMEOUT, 0, AGAIN | MOVES, DELAY_MS, 0, {200, NULL, NULL, NULL, 0, 0, 1, 0}},
    {"stall in the content", "/x-stall-900", STREAM, LLMF_ERR_TIMEOUT, 0, TOLD, 0, 0, {200, NULL, NULL, NULL, 0, 0, 450, 0}},
    {"stall in the answer", "/x-stall-200", PLAIN, LLMF_ERR_TIMEOUT, 0, AGAIN | MOVES, DELAY_MS, 0, {200, NULL, NULL, NULL, 0, 0, 100, 0}},
    {"no connection", "-", BOTH, LLMF_ERR_NETWORK, 0, ONLY_MOVES | MOVES, DELAY_MS, 0, {0, NULL, NULL, NULL, 0, 0, 0, 0}},
    {"wrong key", NULL, BOTH, LLMF_ERR_AUTH, 0, MOVES | ONLY_MOVES, 0, 0, {401, NULL, NULL, "{\"error\":{\"message\":\"Incorrect API key provided: " KEY ".\",\"code\":\"invalid_api_key\"}}", 0, 0, 0, 0}},
    {"403", "/x-status-403", BOTH, LLMF_ERR_PERMISSION, 0, MOVES, 0, 0, {403, NULL, NULL, BODY, 0, 0, 0, 0}},
    {"404", "/x-status-404", BOTH, LLMF_ERR_NOT_FOUND, 0, MOVES, 0, 0, {404, NULL, NULL, BODY, 0, 0, 0, 0}},
    {"400", "/x-status-400", BOTH, LLMF_ERR_BAD_REQUEST, 0, MOVES, 0, 0, {400, NULL, NULL, BODY, 0, 0, 0, 0}},
    {"another protocol", "/x-not-protocol", PLAIN, LLMF_ERR_PROTOCOL, 0, MOVES, 0, 0, {200, NULL, NULL, "<html></html>", 0, 0, 0, 0}},
    {"length too large", "/x-lying-length-more", PLAIN, LLMF_ERR_TRUNCATED, 0, AGAIN | MOVES, DELAY_MS, 0, {0, NULL, NULL, NULL, 0, 0, 0, 0}},
    {"length too small", "/x-lying-length-less", PLAIN, LLMF_ERR_TRUNCATED, 0, AGAIN | MOVES, DELAY_MS, 0, {0, NULL, NULL, NULL, 0, 0, 0, 0}},
    {"length wrong, all is there", "/x-lying-length-more", STREAM, LLMF_OK, 0, FINE, 0, 0, {0, NULL, NULL, NULL, 0, 0, 0, 0}},
    {"headers without end", "/x-huge-headers-100000", BOTH, LLMF_ERR_LIMIT, LLMF_ERR_PROTOCOL, TOLD, 0, 0, {0, NULL, NULL, NULL, 0, 0, 0, 0}},
    {"an answer too large", "/x-big-line-400000", BOTH, LLMF_ERR_LIMIT, 0, TOLD, 0, 0, {0, NULL, NULL, NULL, 0, 0, 0, 0}},
};
enum { FAULTS = (int)KIT_COUNT(faults) };

/* Each fault is met three times: without a policy; with one repeat, when it has passed; with a chain. */
enum { BARE, REPEATED, CHAINED, POLICIES };
static const char *const policy_keys[POLICIES] = {"max_retries: 0", "max_retries: 1, retry_delay: 20ms, retry_jitter: 0", "max_retries: 0, fallbacks: [good]"};

static server the_server;
static kit_text config;

/* ---- what a call leaves behind ---- */

static void no_canary(const char *where, const char *text, size_t len) {
    size_t i, at, n;
    for (i = 0; i < KIT_COUNT(canaries); i++)
        for (at = 0, n = strlen(canaries[i]); at + n <= len; at++)
            if (memcmp(text + at, canaries[i], n) == 0) fail_msg("%s has a canary: %.200s", where, text);
}

static void no_canary_in(const char *where, llmf_str s) {
    if (s.len) no_canary(where, s.ptr, s.len);
}

/* Everything that a call, or its factory, leaves for others to see, but the answer. What is new there (metrics, saved state, keys of a cache) is looked at here too. */
static void no_canary_left(llmf_factory *f, const kit_world *w, const llmf_response *r) {
    static char text[65536];
    const llmfi_health *h;
    size_t i;
    i = llmf_metrics(f, text, sizeof text);
    no_canary("the metrics", text, i < sizeof text ? i : sizeof text);
    i = llmf_save(f, text, sizeof text);
    assert_in_range(i, 1, sizeof text);
    no_canary("what is saved", text, i);
    no_canary("the log", kit_cstr(&w->log), w->log.len);
    for (h = f->health; h; h = h->next) {
        no_canary_in("what is kept of a model", h->provider);
        no_canary_in("what is kept of a model", h->model_id);
    }
    no_canary("the last error", f->last_error.text, strlen(f->last_error.text));
    if (!r) return;
    no_canary("an error", r->error.text, strlen(r->error.text));
    no_canary("a provider's code", r->error.provider_code, strlen(r->error.provider_code));
    no_canary_in("a provider's message", r->error.message);
    no_canary_in("a response", r->provider);
    no_canary_in("a response", r->model);
    no_canary_in("a response", r->model_used);
    no_canary_in("a response", r->request_id);
    no_canary_in("a response", r->finish_raw);
    no_canary_in("a response", r->state);
    for (i = 0; i < r->attempt_count; i++) {
        no_canary_in("the ledger", r->attempts[i].provider);
        no_canary_in("the ledger", r->attempts[i].model);
    }
}

/* ---- what was done about it ---- */

typedef struct met {
    llmf_call call;
    kit_seen seen;
    int fault, policy, how;        /* how: STREAM or PLAIN */
} met;

/* The words of the table. */
static const char *act_words(const fault *k) {
    static char text[64];
    if (k->action & FINE) return "answered";
    if (k->action & AGAIN) snprintf(text, sizeof text, "again after %d ms; moves", k->wait_ms);
    else snprintf(text, sizeof text, "%s", k->action & ONLY_MOVES && k->wait_ms ? "again; moves" : k->action & MOVES ? "moves" : "told");
    return text;
}

static void wrong(const met *m, const char *transport, const char *what) {
    const fault *k = &faults[m->fault];
    fail_msg("%s, %s, %s, %s: %s: %s after %d attempts, the first %s: %s", transport, k->name, m->how == STREAM ? "stream" : "plain", policy_keys[m->policy], what, llmf_result_name(m->seen.code),
        (int)m->seen.response.attempt_total, m->seen.response.attempt_count ? llmf_result_name(m->seen.response.attempts[0].error) : "-", m->seen.error);
}

static bool is_code(const fault *k, int code) {
    return code == k->code || (k->also && code == k->also);
}

/* The right action, by what the call says of its attempts. */
static void check(const met *m, const char *transport, int late_ms) {
    const fault *k = &faults[m->fault];
    const llmf_response *r = &m->seen.response;
    bool again = m->policy == REPEATED && k->action & AGAIN, moves = m->policy == CHAINED && k->action & MOVES;
    if (m->seen.finals != 1) wrong(m, transport, "not one final event");
    if (k->action & FINE) {
        if (m->seen.code != LLMF_OK || r->attempt_total != 1) wrong(m, transport, "answered at once");
        return;
    }
    if (!is_code(k, r->attempt_count ? r->attempts[0].error : 0)) wrong(m, transport, "the code is another one");
    if (!again && !moves) {
        int attempts = m->policy == REPEATED && k->action & ONLY_MOVES && k->wait_ms ? 2 : 1; /* repeated in vain */
        if (!is_code(k, m->seen.code)) wrong(m, transport, "not told as it was");
        if (r->attempt_total != attempts) wrong(m, transport, "not so often");
        if (m->how == STREAM && k->action == TOLD && k->code != LLMF_ERR_LIMIT && !m->seen.text.len) wrong(m, transport, "what had come is lost");
        return;
    }
    if (m->seen.code != LLMF_OK || r->attempt_total != 2) wrong(m, transport, again ? "not repeated" : "not moved");
    if (moves != kit_is(r->model, "good")) wrong(m, transport, "moved elsewhere");
    if (again && (r->attempts[1].wait_ms < k->wait_ms - k->slack_ms || r->attempts[1].wait_ms > k->wait_ms + late_ms)) wrong(m, transport, "not at the right moment");
    if (moves && r->attempts[1].wait_ms > late_ms) wrong(m, transport, "not moved at once");
    if (!m->seen.text.len || !kit_is(r->text, kit_cstr(&m->seen.text))) wrong(m, transport, "the answer is not what its events say");
}

static void start(llmf_factory *f, met *m) {
    llmf_request req = kit_request(m->how == STREAM);
    llmf_error err;
    llmf_model model;
    char name[64];
    snprintf(name, sizeof name, "m%d_%d_%d", m->fault, m->policy, m->how);
    model = llmf_get(f, name, &err);
    if (!model.id) fail_msg("%s", err.text);
    req.prompt = PROMPT;
    m->call = llmf_start(f, model, &req);
    assert_true(m->call.id != 0);
}

/* ---- over the network ---- */

static const char *const env[] = {"CANARY", KEY, "BAD", BAD_KEY, NULL};

/* A model for each fault, policy and way. Each has a path of its own, as the server counts by path how often a fault was met. */
static void make_config(const char *transport) {
    int i, policy, how;
    kit_drop(&config);
    kit_addf(&config, "providers:\n  p: {dialect: openai, base_url: '%s/v1', api_key_env_var: CANARY}\n", the_server.base);
    kit_adds(&config, "models:\n  good: {provider: p, model_id: story}\n");
    for (i = 0; i < FAULTS; i++)
        for (policy = 0; policy < POLICIES; policy++)
            for (how = STREAM; how <= PLAIN; how++) {
                const char *path = faults[i].path ? faults[i].path : "";
                kit_addf(&config, "  m%d_%d_%d: {provider: p, model_id: story, %s, ", i, policy, how, policy_keys[policy]);
                if (kit_has(path, "stall")) kit_adds(&config, "timeout_first_byte: 400ms, timeout_idle: 400ms, ");
                if (!faults[i].path && strcmp(transport, "replay") != 0) kit_adds(&config, "api_key_env_var: BAD, ");
                if (strcmp(path, "-") == 0) kit_adds(&config, "base_url: 'http://127.0.0.1:9/v1'}\n");
                else kit_addf(&config, "base_url: '%s/%s%d%d%d%s%s/v1'}\n", the_server.base, transport, i, policy, how, policy == REPEATED && *path ? "/x-times-1" : "", path);
            }
}

/* Of replay: Tue, 14 Nov 2023 22:13:20 GMT at its beginning. */
static int64_t wall(void *user) {
    return INT64_C(1700000000000) + (int64_t)((((kit_world *)user)->now - UINT64_C(1000000000000)) / 1000000u);
}

static llmf_factory *open_over(kit_world *w, const char *transport) {
    llmf_desc d = kit_desc(w);
    llmf_error err;
    llmf_factory *f;
    if (strcmp(transport, "replay") == 0) d.wall_ms = wall;
    else d.clock_ns = NULL;
    d.transport = transport;
    d.config_text = config.ptr;
    w->env = env;
    d.memory_size = (size_t)32 << 20;
    d.max_response = 200000;
    d.retry.max_retries = 0;       /* the models say */
    d.retry.breaker_failures = -1; /* each fault is looked at alone: all have the model's id in common */
    d.retry.cooldown_ms = -1;
    f = llmf_open(&d, &err);
    if (!f && err.code != LLMF_ERR_NOT_BUILT) fail_msg("%s", err.text);
    return f;
}

/* Some faults, by all policies and ways at once. */
enum { AT_ONCE = 6 };
static void meet(llmf_factory *f, const kit_world *w, const char *transport, int from) {
    static met all[2 * POLICIES * AT_ONCE];
    size_t n = 0, i, left;
    double until = kit_seconds() + 20;
    int at, policy, how;
    for (at = from; at < from + AT_ONCE && at < FAULTS; at++)
        for (policy = 0; policy < POLICIES; policy++)
            for (how = STREAM; how <= PLAIN; how++) {
                if (!(faults[at].how & how)) continue;
                memset(&all[n], 0, sizeof all[n]);
                all[n].fault = at, all[n].policy = policy, all[n].how = how;
                start(f, &all[n++]);
            }
    do {
        llmf_poll(f, 50);
        for (i = left = 0; i < n; i++) {
            kit_take(f, all[i].call, &all[i].seen);
            left += !all[i].seen.finals;
        }
    } while (left && kit_seconds() < until);
    for (i = 0; i < n; i++) {
        check(&all[i], transport, 3000);
        no_canary_left(f, w, &all[i].seen.response);
        llmf_free(f, all[i].call);
        kit_forget(&all[i].seen);
    }
}

static bool over_done[2];

static void over_the_network(void **state) {
    static const char *const transports[] = {"curl", "socket"};
    int t, i;
    (void)state;
    if (!the_server.pid) skip();
    for (t = 0; t < 2; t++) {
        kit_world w;
        llmf_factory *f;
        make_config(transports[t]);
        f = open_over(&w, transports[t]);
        if (!f) continue;
        for (i = 0; i < FAULTS; i += AT_ONCE) meet(f, &w, transports[t], i);
        assert_int_equal(llmf_poll(f, 0), 0);
        assert_true(w.log.len > 1000);
        llmf_close(f);
        no_canary("the log", kit_cstr(&w.log), w.log.len);
        kit_drop(&w.log);
        over_done[t] = true;
    }
}

/* ---- without one ---- */

/* Plays the fault until the library says what it does about it: from then on a good answer. */
static llmf_recording played_now, played_then;
static llmf_factory *playing;

static void on_log(void *user, int level, int id, llmf_str text) {
    kit_log(user, level, id, text);
    if (id == 4 || id == 5) llmf_replay(playing, &played_then); /* a repeat, a switch */
}

static void play_one(met *m) {
    const fault *k = &faults[m->fault];
    const char *whole = m->how == STREAM ? KIT_STORY : ANSWER;
    llmf_header header;
    kit_world w;
    llmf_factory *f = open_over(&w, "replay");
    int i;
    f->desc.log = on_log;
    playing = f;
    played_now = kit_recording(k->replay.status, k->replay.body ? k->replay.body : whole);
    played_then = kit_recording(200, whole);
    played_now.cut_at = k->replay.cut, played_now.reset_at = k->replay.reset, played_now.stall_at = k->replay.stall, played_now.chunk = k->replay.chunk;
    if (k->replay.name) {
        header.name = kit_str(k->replay.name);
        header.value = kit_str(k->replay.value);
        played_now.headers = &header;
        played_now.header_count = 1;
    }
    llmf_replay(f, &played_now);
    start(f, m);
    for (i = 0; i < 10000 && !m->seen.finals; i++) {
        int64_t ms;
        llmf_poll(f, 0);
        kit_take(f, m->call, &m->seen);
        ms = llmf_deadline_ms(f);
        if (ms > 0) w.now += (uint64_t)ms * 1000000u;
    }
    check(m, "replay", 0);
    no_canary_left(f, &w, &m->seen.response);
    llmf_free(f, m->call);
    kit_forget(&m->seen);
    llmf_close(f);
    kit_drop(&w.log);
}

static void over_replay(void **state) {
    int i, policy, how;
    (void)state;
    make_config("replay");
    for (i = 0; i < FAULTS; i++)
        for (policy = 0; policy < POLICIES; policy++)
            for (how = STREAM; how <= PLAIN; how++) {
                met m = {{0}, {{NULL, 0, 0}, {NULL, 0, 0}, {NULL, 0, 0}, {NULL, 0, 0}, 0, 0, 0, 0, "", {{0}}}, i, policy, how};
                if (!faults[i].replay.status || !(faults[i].how & how)) continue;
                play_one(&m);
            }
}

/* The table, of what was asserted above. */
static void table(void **state) {
    int i;
    (void)state;
    printf("%-30s %-13s %-15s %s\n", "", "", "code", "curl | socket | replay");
    for (i = 0; i < FAULTS; i++) {
        const fault *k = &faults[i];
        const char *words = act_words(k);
        printf("%-30s %-13s %-15s %s | %s | %s\n", k->name, k->how == BOTH ? "stream, plain" : k->how == STREAM ? "stream" : "plain", llmf_result_name(k->code), over_done[0] ? words : "-",
            over_done[1] ? words : "-", k->replay.status ? words : "-");
    }
    assert_true(!the_server.pid || over_done[0] || over_done[1]);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(over_replay),
        cmocka_unit_test(over_the_network),
        cmocka_unit_test(table),
    };
    int failed;
    if (!server_start(&the_server)) strcpy(the_server.base, "http://127.0.0.1:9");
    failed = cmocka_run_group_tests_name("matrix", tests, NULL, NULL);
    server_stop(&the_server);
    kit_drop(&config);
    return failed;
}
