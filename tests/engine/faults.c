/* Bad input, over each transport: the code is right, what had arrived can be read, and the next call on the same factory works. */
#include "kit.h"
#include "server.h"

static server the_server, other_server;

enum { STREAM = 1, PLAIN = 2, BOTH = 3 };
enum { NO_TEXT, SOME_TEXT, ALL_TEXT, ANY_TEXT };

typedef struct fault {
    const char *name, *path;       /* below the server; a whole URL where it has a colon before its first slash */
    int how, code, text;
    int also;                      /* another code that is as right; 0: none */
    llmf_timeouts timeouts;
    int http_status;               /* 0: not looked at */
} fault;

#define T(first_byte, idle) {0, first_byte, 0, idle, 0}
#define NONE {0, 0, 0, 0, 0}

static const fault faults[] = {
    {"nothing wrong", "", BOTH, LLMF_OK, ALL_TEXT, 0, NONE, 200},
    {"an event that is not JSON", "/x-bad-json", STREAM, LLMF_ERR_PROTOCOL, SOME_TEXT, 0, NONE, 200},
    {"a body cut by its maker", "/x-bad-json", PLAIN, LLMF_ERR_TRUNCATED, NO_TEXT, LLMF_ERR_PROTOCOL, NONE, 200},
    {"JSON of another kind", "/x-not-protocol", PLAIN, LLMF_ERR_PROTOCOL, NO_TEXT, 0, NONE, 200},
    {"the same for a stream", "/x-not-protocol", STREAM, LLMF_ERR_TRUNCATED, NO_TEXT, LLMF_ERR_PROTOCOL, NONE, 200},
    {"HTML with 502", "/x-html-502", BOTH, LLMF_ERR_SERVER, NO_TEXT, 0, NONE, 502},
    {"empty body", "/x-empty", BOTH, LLMF_ERR_TRUNCATED, NO_TEXT, 0, NONE, 200},
    {"error inside a 200", "/x-error-in-200", STREAM, LLMF_ERR_SERVER, SOME_TEXT, LLMF_ERR_OVERLOADED, NONE, 200},
    {"error as a 200", "/x-error-in-200", PLAIN, LLMF_ERR_SERVER, NO_TEXT, 0, NONE, 200},
    {"cut before the content", "/x-cut-0", BOTH, LLMF_ERR_TRUNCATED, NO_TEXT, 0, NONE, 200},
    {"cut in the content", "/x-cut-900", STREAM, LLMF_ERR_TRUNCATED, SOME_TEXT, 0, NONE, 200},
    {"cut in the body", "/x-cut-200", PLAIN, LLMF_ERR_TRUNCATED, NO_TEXT, 0, NONE, 200},
    {"cut in the head", "/x-cut-head", BOTH, LLMF_ERR_NETWORK, NO_TEXT, LLMF_ERR_TRUNCATED, NONE, 0},
    {"reset before the content", "/x-rst-0", BOTH, LLMF_ERR_TRUNCATED, NO_TEXT, LLMF_ERR_NETWORK, NONE, 0},
    {"reset in the content", "/x-rst-900/d2000", STREAM, LLMF_ERR_TRUNCATED, ANY_TEXT, 0, NONE, 200},
    {"no last line", "/x-no-done", STREAM, LLMF_OK, ALL_TEXT, 0, NONE, 200},
    {"no end at all", "/x-no-terminal", STREAM, LLMF_ERR_TRUNCATED, SOME_TEXT, 0, NONE, 200},
    {"length too large", "/x-lying-length-more", PLAIN, LLMF_ERR_TRUNCATED, NO_TEXT, 0, NONE, 200},
    {"length too large, stream", "/x-lying-length-more", STREAM, LLMF_OK, ALL_TEXT, 0, NONE, 200},
    {"length too small", "/x-lying-length-less", PLAIN, LLMF_ERR_TRUNCATED, NO_TEXT, LLMF_ERR_PROTOCOL, NONE, 200},
    {"length too small, stream", "/x-lying-length-less", STREAM, LLMF_OK, ALL_TEXT, 0, NONE, 200},
    {"stall before the content", "/x-stall-0", BOTH, LLMF_ERR_TIMEOUT, NO_TEXT, 0, T(150, 150), 0},
    {"stall in the content", "/x-stall-900", STREAM, LLMF_ERR_TIMEOUT, SOME_TEXT, 0, T(0, 150), 200},
    {"pings without end", "/x-comments", STREAM, LLMF_ERR_TIMEOUT, NO_TEXT, 0, {0, 0, 220, 0, 0}, 200},
    {"three pings", "/x-comments-3", STREAM, LLMF_OK, ALL_TEXT, 0, T(0, 2000), 200},
    {"late first byte", "/x-delay-first-2000000", BOTH, LLMF_ERR_TIMEOUT, NO_TEXT, 0, T(150, 0), 0},
    {"slow head", "/x-slow-head-20000", BOTH, LLMF_ERR_TIMEOUT, NO_TEXT, 0, T(150, 0), 0},
    {"slow head, in time", "/x-slow-head-200", BOTH, LLMF_OK, ALL_TEXT, 0, NONE, 200},
    {"drip", "/x-drip-20", BOTH, LLMF_OK, ALL_TEXT, 0, NONE, 200},
    {"chunks of one byte", "/x-chunk-1", BOTH, LLMF_OK, ALL_TEXT, 0, NONE, 200},
    {"no length", "/x-close", BOTH, LLMF_OK, ALL_TEXT, 0, NONE, 200},
    {"HTTP/1.0", "/x-http10", BOTH, LLMF_OK, ALL_TEXT, 0, NONE, 200},
    {"1xx replies first", "/x-extra-1xx", BOTH, LLMF_OK, ALL_TEXT, 0, NONE, 200},
    {"trailers", "/x-trailers", BOTH, LLMF_OK, ALL_TEXT, 0, NONE, 200},
    {"CR LF lines", "/x-crlf", STREAM, LLMF_OK, ALL_TEXT, 0, NONE, 200},
    {"byte order mark", "/x-bom", STREAM, LLMF_OK, ALL_TEXT, 0, NONE, 200},
    {"characters split", "/x-utf8-split", STREAM, LLMF_OK, ALL_TEXT, 0, NONE, 200},
    {"escapes", "/x-escape", BOTH, LLMF_OK, ALL_TEXT, 0, NONE, 200},
    {"headers without end", "/x-huge-headers-100000", BOTH, LLMF_ERR_LIMIT, NO_TEXT, LLMF_ERR_PROTOCOL, NONE, 0},
    {"one large header", "/x-huge-header-100000", BOTH, LLMF_ERR_LIMIT, NO_TEXT, LLMF_ERR_PROTOCOL, NONE, 0},
    {"gzip that was not asked for", "/x-gzip-bomb-free", BOTH, LLMF_ERR_PROTOCOL, NO_TEXT, LLMF_ERR_UNSUPPORTED, NONE, 200},
    {"redirect to another host", NULL, BOTH, LLMF_ERR_BAD_REQUEST, NO_TEXT, 0, NONE, 307},
    {"401", "/x-status-401", BOTH, LLMF_ERR_AUTH, NO_TEXT, 0, NONE, 401},
    {"403", "/x-status-403", BOTH, LLMF_ERR_PERMISSION, NO_TEXT, 0, NONE, 403},
    {"404", "/x-status-404", BOTH, LLMF_ERR_NOT_FOUND, NO_TEXT, 0, NONE, 404},
    {"429", "/x-status-429", BOTH, LLMF_ERR_RATE_LIMIT, NO_TEXT, 0, NONE, 429},
    {"500", "/x-status-500", BOTH, LLMF_ERR_SERVER, NO_TEXT, 0, NONE, 500},
    {"503", "/x-status-503", BOTH, LLMF_ERR_OVERLOADED, NO_TEXT, 0, NONE, 503},
    {"529", "/x-status-529", BOTH, LLMF_ERR_OVERLOADED, NO_TEXT, 0, NONE, 529},
    {"refused port", "http://127.0.0.1:9", BOTH, LLMF_ERR_NETWORK, NO_TEXT, 0, NONE, 0},
    {"unknown host", "http://no-such-host.invalid", BOTH, LLMF_ERR_NETWORK, NO_TEXT, 0, NONE, 0},
    {"line at the limit", "/x-big-line-8388608", STREAM, LLMF_ERR_LIMIT, SOME_TEXT, 0, NONE, 200},
    {"line below the limit", "/x-big-line-8380000", STREAM, LLMF_OK, SOME_TEXT, 0, NONE, 200},
};

#define KEY "sk-faults-0123456789abcdef"

static kit_text config;

/* A model a fault, all of the same id at the server, so that the answer is the same. */
static void make_config(void) {
    size_t i;
    kit_adds(&config, "models:\n");
    for (i = 0; i < KIT_COUNT(faults); i++) {
        const fault *k = &faults[i];
        const char *d, *paths[] = {"openai", "anthropic", "ollama"};
        size_t n;
        for (n = 0; n < 3; n++) {
            d = paths[n];
            kit_addf(&config, "  %s%d: {provider: %s, model_id: story, base_url: \"", d, (int)i, d);
            if (!k->path) kit_addf(&config, "%s/x-redirect-127.0.0.1:%d", the_server.base, other_server.port);
            else if (kit_has(k->path, "://")) kit_adds(&config, k->path);
            else kit_addf(&config, "%s%s", the_server.base, k->path);
            kit_adds(&config, "\"}\n");
        }
    }
}

static unsigned long calls;

/* One call; the text that the whole answer would have is `all`. Returns the code. */
static int one(llmf_factory *f, const char *dialect, size_t at, bool stream, const kit_text *all, const char *transport) {
    const fault *k = &faults[at];
    char name[64];
    llmf_error err;
    llmf_model m;
    llmf_request req = kit_request(stream);
    llmf_call c;
    kit_seen s;
    int code, right = k->code;
    if (kit_has(k->name, "no last line") && strcmp(dialect, "openai") != 0) right = LLMF_ERR_TRUNCATED; /* there it is the only end */
    if (kit_has(k->name, "too small, stream") && strcmp(dialect, "ollama") == 0) right = LLMF_ERR_TRUNCATED; /* the bytes that are missing are of its last line */
    if (kit_has(k->name, "byte order") && strcmp(dialect, "ollama") == 0) right = LLMF_ERR_PROTOCOL; /* event streams may have one, JSON lines may not */
    memset(&s, 0, sizeof s);
    snprintf(name, sizeof name, "%s%d", dialect, (int)at);
    m = llmf_get(f, name, &err);
    if (!m.id) fail_msg("%s", err.text);
    req.timeouts = k->timeouts;
    c = llmf_start(f, m, &req);
    calls++;
    if (!kit_run(f, c, &s, 20)) fail_msg("%s, %s, %s: %d final events", transport, dialect, k->name, s.finals);
    code = s.code;
    if (code != right && (code != k->also || !k->also)) fail_msg("%s, %s, %s%s: %s: %s", transport, dialect, k->name, stream ? ", stream" : "", llmf_result_name(code), s.error);
    if (k->http_status && s.response.error.http_status != k->http_status) fail_msg("%s, %s, %s: HTTP %d", transport, dialect, k->name, s.response.error.http_status);
    if (code != LLMF_OK && (!s.error[0] || kit_has(s.error, "0123456789abcdef"))) fail_msg("%s: bad text: %s", k->name, s.error);
    if (code == LLMF_ERR_TIMEOUT && !kit_has(s.error, "timeout")) fail_msg("%s: %s", k->name, s.error);
    if (!kit_is(s.response.text, kit_cstr(&s.text))) fail_msg("%s, %s, %s: response and events differ", transport, dialect, k->name);
    if (all && k->text != ANY_TEXT) {
        size_t n = s.text.len < all->len ? s.text.len : all->len;
        if (k->text == NO_TEXT && s.text.len) fail_msg("%s, %s, %s: text out of nothing", transport, dialect, k->name);
        if (k->text == SOME_TEXT && code == k->code && !s.text.len) fail_msg("%s, %s, %s: what had arrived is lost", transport, dialect, k->name);
        if (k->text == ALL_TEXT && right != LLMF_ERR_PROTOCOL && s.text.len != all->len) fail_msg("%s, %s, %s: %zu bytes of text of %zu: %s", transport, dialect, k->name, s.text.len, all->len, kit_cstr(&s.text));
        if (n && memcmp(kit_cstr(&s.text), kit_cstr(all), n) != 0) fail_msg("%s, %s, %s: other text", transport, dialect, k->name);
    }
    llmf_free(f, c);
    kit_forget(&s);
    return code;
}

static llmf_factory *open_over(kit_world *w, const char *transport) {
    llmf_desc d = kit_desc(w);
    llmf_error err;
    llmf_factory *f;
    d.clock_ns = NULL;
    d.transport = transport;
    d.config_text = config.ptr;
    d.api_key = KEY;
    d.memory_size = (size_t)128 << 20;
    d.no_env = true;
    f = llmf_open(&d, &err);
    if (!f && err.code != LLMF_ERR_NOT_BUILT) fail_msg("%s", err.text);
    return f;
}

static void over_loopback(void **state) {
    static const char *const transports[] = {"socket", "curl"}, *const dialects[] = {"openai", "anthropic", "ollama"};
    static int codes[2][3][KIT_COUNT(faults)][2];
    size_t t, d, i, how;
    bool have[2] = {false, false};
    (void)state;
    if (!the_server.pid || !other_server.pid) skip();
    make_config();
    for (t = 0; t < 2; t++) {
        kit_world w;
        llmf_factory *f = open_over(&w, transports[t]);
        size_t baseline = 0;
        if (!f) continue;
        have[t] = true;
        for (d = 0; d < 3; d++) {
            kit_text all = {NULL, 0, 0};
            char name[32];
            llmf_request req = kit_request(true);
            llmf_response r;
            snprintf(name, sizeof name, "%s0", dialects[d]);
            assert_int_equal(llmf_generate(f, llmf_get(f, name, NULL), &req, &r), LLMF_OK);
            kit_add(&all, r.text.ptr, r.text.len);
            llmf_release(f, &r);
            for (i = 0; i < KIT_COUNT(faults); i++)
                for (how = 0; how < 2; how++) {
                    codes[t][d][i][how] = -1;
                    if (!(faults[i].how & (how ? PLAIN : STREAM))) continue;
                    if (d && (kit_has(faults[i].name, "line ") || kit_has(faults[i].name, "host") || kit_has(faults[i].name, "port"))) continue; /* once is enough */
                    codes[t][d][i][how] = one(f, dialects[d], i, how == 0, &all, transports[t]);
                    one(f, dialects[d], 0, true, &all, transports[t]); /* the next one works */
                }
            kit_drop(&all);
            if (!baseline) baseline = kit_used(f);
        }
        assert_int_equal(llmf_poll(f, 0), 0);
        if (kit_has(kit_cstr(&w.log), "0123456789abcdef")) fail_msg("the key is in the log");
        llmf_close(f);
        kit_drop(&w.log);
    }
    printf("%-30s %-13s %-13s %-13s %s\n", "", "socket/stream", "socket/plain", "curl/stream", "curl/plain");
    for (i = 0; i < KIT_COUNT(faults); i++) {
        printf("%-30s", faults[i].name);
        for (t = 0; t < 2; t++)
            for (how = 0; how < 2; how++) printf(" %-13s", !have[t] || codes[t][0][i][how] < 0 ? "-" : llmf_result_name(codes[t][0][i][how]));
        printf("\n");
    }
    printf("%lu calls\n", calls);
    {
        char reply[8192];
        server_ask(other_server.port, "GET", "/stats", reply, sizeof reply);
        assert_true(kit_has(reply, "\"requests\":0")); /* the host of the redirect has heard nothing of us */
    }
}

/* ---- the same without a network ---- */

typedef struct recorded {
    const char *name, *body;
    int status;
    uint64_t cut_at, reset_at, stall_at;
    int code;
    const char *text;
} recorded;

static const recorded records[] = {
    {"not JSON", KIT_CHUNK("{\"content\":\"A\"}") "data: hello\n\n" KIT_DONE, 200, 0, 0, 0, LLMF_ERR_PROTOCOL, "A"},
    {"HTML with 502", "<html><title>502</title></html>", 502, 0, 0, 0, LLMF_ERR_SERVER, ""},
    {"HTML with 200", "<html></html>", 200, 0, 0, 0, LLMF_ERR_PROTOCOL, ""},
    {"empty", "", 200, 0, 0, 0, LLMF_ERR_TRUNCATED, ""},
    {"cut before the content", KIT_STORY, 200, 20, 0, 0, LLMF_ERR_TRUNCATED, ""},
    {"cut in the content", KIT_STORY, 200, 450, 0, 0, LLMF_ERR_TRUNCATED, "Once upon"},
    {"reset in the content", KIT_STORY, 200, 0, 450, 0, LLMF_ERR_TRUNCATED, "Once upon"},
    {"reset before the content", KIT_STORY, 200, 0, 1, 0, LLMF_ERR_TRUNCATED, ""},
    {"stall in the content", KIT_STORY, 200, 0, 0, 450, LLMF_ERR_TIMEOUT, "Once upon"},
    {"stall before the content", KIT_STORY, 200, 0, 0, 1, LLMF_ERR_TIMEOUT, ""},
    {"error inside", KIT_CHUNK("{\"content\":\"A\"}") "data: {\"error\":{\"message\":\"x\",\"code\":\"rate_limit_exceeded\"}}\n\n", 200, 0, 0, 0, LLMF_ERR_RATE_LIMIT, "A"},
    {"302", "", 302, 0, 0, 0, LLMF_ERR_BAD_REQUEST, ""},
};

static void over_replay(void **state) {
    size_t i;
    (void)state;
    for (i = 0; i < KIT_COUNT(records); i++) {
        const recorded *k = &records[i];
        llmf_recording r = kit_recording(k->status, k->body), good = kit_recording(200, KIT_STORY);
        kit_world w;
        llmf_desc d = kit_desc(&w);
        llmf_factory *f;
        llmf_request req = kit_request(true);
        llmf_model m;
        llmf_call c;
        kit_seen s;
        size_t used;
        int n;
        memset(&s, 0, sizeof s);
        r.cut_at = k->cut_at, r.reset_at = k->reset_at, r.stall_at = k->stall_at;
        d.transport = "replay";
        d.timeouts.idle_ms = 5000;
        f = llmf_open(&d, NULL);
        llmf_replay(f, &r);
        m = llmf_get(f, "openai:m", NULL);
        used = kit_used(f);
        c = llmf_start(f, m, &req);
        for (n = 0; n < 20 && !s.finals; n++) {
            llmf_poll(f, 0);
            kit_take(f, c, &s);
            w.now += UINT64_C(1000000000);
        }
        if (s.finals != 1 || s.code != k->code || strcmp(kit_cstr(&s.text), k->text) != 0) fail_msg("replay, %s: %s: \"%s\": %s", k->name, llmf_result_name(s.code), kit_cstr(&s.text), s.error);
        assert_true(kit_is(s.response.text, k->text));
        llmf_free(f, c);
        assert_int_equal(kit_used(f), used);
        kit_forget(&s);
        llmf_replay(f, &good);
        c = llmf_start(f, m, &req);
        assert_true(kit_run(f, c, &s, 5));
        assert_int_equal(s.code, LLMF_OK);
        printf("replay: %-24s %s\n", k->name, llmf_result_name(k->code));
        kit_forget(&s);
        llmf_close(f);
        kit_drop(&w.log);
    }
}

/* Limits at -1, 0 and +1: a line, and a whole reply. */
static void limits_are_exact(void **state) {
    int by, off;
    (void)state;
    for (by = 0; by < 2; by++)
        for (off = -1; off <= 1; off++) {
            static const char line[] = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"0123456789\"},\"finish_reason\":\"stop\"}]}";
            char body[256];
            llmf_recording r;
            kit_world w;
            llmf_desc d = kit_desc(&w);
            llmf_factory *f;
            llmf_request req = kit_request(true);
            llmf_response res;
            int chunk;
            snprintf(body, sizeof body, "%s\n\n", line);
            for (chunk = 0; chunk < 3; chunk++) {
                r = kit_recording(200, body);
                r.chunk = chunk == 0 ? 0 : chunk == 1 ? 1 : 20;
                d.transport = "replay";
                d.max_line = by == 0 ? (size_t)((int)sizeof line - 1 + off) : 0;
                d.max_response = by == 1 ? (size_t)((int)strlen(body) + off) : 0;
                f = llmf_open(&d, NULL);
                llmf_replay(f, &r);
                llmf_generate(f, llmf_get(f, "openai:m", NULL), &req, &res);
                if (res.error.code != (off < 0 ? LLMF_ERR_LIMIT : LLMF_OK)) fail_msg("%s %+d: %s: %s", by ? "max_response" : "max_line", off, llmf_result_name(res.error.code), res.error.text);
                if (off < 0) assert_true(kit_has(res.error.text, by ? "max_response" : "max_line"));
                llmf_release(f, &res);
                llmf_close(f);
            }
            kit_drop(&w.log);
        }
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(over_replay),
        cmocka_unit_test(limits_are_exact),
        cmocka_unit_test(over_loopback),
    };
    int failed;
    if (server_start(&the_server)) server_start(&other_server);
    failed = cmocka_run_group_tests_name("faults", tests, NULL, NULL);
    server_stop(&other_server);
    server_stop(&the_server);
    kit_drop(&config);
    return failed;
}
