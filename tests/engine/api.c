/* The public functions, from outside: the three faces, the life of calls and handles, timeouts, what a program brings itself, and secrets. */
#include "kit.h"
#include "server.h"
#include <locale.h>
#include <poll.h>
#include <pthread.h>

static server the_server;

static llmf_factory *open_replay(kit_world *w, const llmf_recording *r) {
    llmf_desc d = kit_desc(w);
    llmf_error err;
    llmf_factory *f;
    d.transport = "replay";
    f = llmf_open(&d, &err);
    if (!f) fail_msg("llmf_open: %s", err.text);
    assert_int_equal(llmf_replay(f, r), LLMF_OK);
    return f;
}

static llmf_model model(llmf_factory *f, const char *name) {
    llmf_error err;
    llmf_model m = llmf_get(f, name, &err);
    if (!m.id) fail_msg("llmf_get %s: %s", name, err.text);
    return m;
}

static void close_clean(llmf_factory *f, kit_world *w) {
    llmf_close(f);
    kit_drop(&w->log);
}

static void need_server(void) {
    if (!the_server.pid) skip();
}

/* ---- three faces ---- */

static void same(const kit_seen *a, const kit_seen *b) {
    assert_string_equal(kit_cstr(&a->log), kit_cstr(&b->log));
    assert_int_equal(a->finals, b->finals);
    assert_int_equal(a->code, b->code);
    assert_int_equal(a->events, b->events);
}

static void pull(llmf_factory *f, llmf_model m, llmf_request req, kit_seen *s) {
    llmf_call c = llmf_start(f, m, &req);
    llmf_event ev;
    assert_true(c.id != 0);
    assert_true(kit_run(f, c, s, 5));
    assert_false(llmf_next(f, c, &ev));
    assert_int_equal(llmf_poll(f, 0), 0);
    assert_false(llmf_next(f, c, &ev));
    llmf_free(f, c);
}

static void push(llmf_factory *f, llmf_model m, llmf_request req, kit_seen *s) {
    llmf_call c;
    llmf_event ev;
    int i;
    req.on_event = kit_on_event;
    req.on_event_user = s;
    c = llmf_start(f, m, &req);
    assert_true(c.id != 0);
    assert_int_equal(s->events, 0); /* callbacks run inside llmf_poll only */
    for (i = 0; i < 100 && !s->finals; i++) llmf_poll(f, 0);
    assert_false(llmf_next(f, c, &ev));
    assert_int_equal(llmf_poll(f, 0), 0);
    assert_int_equal(s->finals, 1);
    llmf_free(f, c);
}

static void any(llmf_factory *f, llmf_model m, llmf_request req, kit_seen *s) {
    llmf_call c = llmf_start(f, m, &req);
    llmf_event ev;
    int i;
    for (i = 0; i < 100 && !s->finals; i++) {
        llmf_poll(f, 0);
        while (llmf_next_any(f, &ev)) {
            assert_true(ev.call.id == c.id);
            kit_see(s, &ev);
        }
    }
    assert_false(llmf_next_any(f, &ev));
    assert_int_equal(llmf_poll(f, 0), 0);
    llmf_free(f, c);
}

typedef struct reply_case {
    const char *name, *body;
    int status;
    bool stream;
    uint64_t cut_at;
    int code;
} reply_case;

static const reply_case reply_cases[] = {
    {"story", KIT_STORY, 200, true, 0, LLMF_OK},
    {"tools", KIT_TOOLS, 200, true, 0, LLMF_OK},
    {"cut", KIT_STORY, 200, true, 400, LLMF_ERR_TRUNCATED},
    {"cut at once", KIT_STORY, 200, true, 1, LLMF_ERR_TRUNCATED},
    {"not JSON", "data: {\"choices\":[}\n\n", 200, true, 0, LLMF_ERR_PROTOCOL},
    {"error", "{\"error\":{\"message\":\"no\",\"type\":\"server_error\"}}", 500, true, 0, LLMF_ERR_SERVER},
    {"error inside", KIT_CHUNK("{\"content\":\"Half\"}") "data: {\"error\":{\"message\":\"broke\",\"code\":503}}\n\n", 200, true, 0, LLMF_ERR_OVERLOADED},
    {"plain", "{\"id\":\"x\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"Yes\"},\"finish_reason\":\"stop\"}]}", 200, false, 0, LLMF_OK},
    {"empty", "", 200, false, 0, LLMF_ERR_TRUNCATED},
    {"rate limit", "{\"error\":{\"message\":\"slow down\",\"code\":\"rate_limit_exceeded\"}}", 429, false, 0, LLMF_ERR_RATE_LIMIT},
};

static void faces_agree(void **state) {
    size_t i;
    (void)state;
    for (i = 0; i < KIT_COUNT(reply_cases); i++) {
        const reply_case *k = &reply_cases[i];
        llmf_recording r = kit_recording(k->status, k->body);
        kit_world w;
        llmf_factory *f;
        llmf_model m;
        kit_seen a, b, c;
        llmf_response whole;
        llmf_request req = kit_request(k->stream);
        memset(&a, 0, sizeof a), memset(&b, 0, sizeof b), memset(&c, 0, sizeof c);
        r.cut_at = k->cut_at;
        f = open_replay(&w, &r);
        m = model(f, "openai:m-1");
        pull(f, m, req, &a);
        push(f, m, req, &b);
        any(f, m, req, &c);
        if (a.code != k->code) fail_msg("%s: %s: %s", k->name, llmf_result_name(a.code), a.error);
        assert_int_equal(a.finals, 1);
        same(&a, &b);
        same(&a, &c);
        assert_int_equal(llmf_generate(f, m, &req, &whole), k->code);
        assert_int_equal(whole.error.code, k->code);
        assert_int_equal(whole.text.len, a.text.len);
        assert_memory_equal(whole.text.ptr, kit_cstr(&a.text), a.text.len);
        assert_int_equal(whole.text.ptr[whole.text.len], 0);
        assert_int_equal(llmf_poll(f, 0), 0);
        llmf_release(f, &whole);
        assert_true(whole.call.id == 0);
        kit_forget(&a), kit_forget(&b), kit_forget(&c);
        close_clean(f, &w);
    }
}

static void response_is_filled(void **state) {
    llmf_header headers[2];
    llmf_recording r = kit_recording(200, KIT_TOOLS);
    kit_world w;
    llmf_factory *f;
    llmf_request req = kit_request(true);
    llmf_response res;
    (void)state;
    headers[0].name = kit_str("X-Request-Id"), headers[0].value = kit_str("req_77");
    headers[1].name = kit_str("Retry-After"), headers[1].value = kit_str("1.5");
    r.headers = headers;
    r.header_count = 2;
    f = open_replay(&w, &r);
    assert_int_equal(llmf_generate(f, model(f, "openai:gpt-4.1"), &req, &res), LLMF_OK);
    assert_true(kit_is(res.provider, "openai"));
    assert_true(kit_is(res.model_used, "m-1"));
    assert_true(kit_is(res.request_id, "req_77"));
    assert_true(kit_is(res.text, "I look."));
    assert_true(kit_is(res.reasoning, "Think hard"));
    assert_int_equal(res.tool_call_count, 2);
    assert_true(kit_is(res.tool_calls[0].id, "call_a"));
    assert_true(kit_is(res.tool_calls[0].name, "look"));
    assert_true(kit_is(res.tool_calls[0].arguments, "{\"at\":[1,2]}"));
    assert_true(kit_is(res.tool_calls[1].arguments, "{}"));
    assert_false(res.tool_calls[0].invalid);
    assert_int_equal(res.finish, LLMF_FINISH_TOOL_CALLS);
    assert_true(kit_is(res.finish_raw, "tool_calls"));
    assert_int_equal(res.usage.input, 9);
    assert_int_equal(res.usage.output, 4);
    assert_int_equal(res.usage.cache_read, LLMF_UNKNOWN);
    assert_int_equal(res.cost_pico, 9 * 2000000 + 4 * 8000000); /* gpt-4.1: 2 and 8 USD a million */
    assert_int_equal(res.error.retry_after_ms, 1500);
    assert_int_equal(res.attempt_count, 1);
    assert_int_equal(res.attempts[0].error, LLMF_OK);
    assert_int_equal(res.error.http_status, 200);
    llmf_release(f, &res);
    close_clean(f, &w);
}

/* ---- the end of a call ---- */

/* Takes `k` events, then cancels. Everything that had been decoded is in the response and in the events. */
static void cancel_after(int k, int chunk) {
    llmf_recording r = kit_recording(200, KIT_TOOLS);
    kit_world w;
    llmf_factory *f;
    llmf_model m;
    llmf_request req = kit_request(true);
    llmf_call c;
    llmf_event ev;
    kit_seen s;
    size_t before;
    bool done = false;
    int i;
    memset(&s, 0, sizeof s);
    r.chunk = (size_t)chunk;
    f = open_replay(&w, &r);
    m = model(f, "openai:m-1");
    before = kit_used(f);
    c = llmf_start(f, m, &req);
    for (i = 0; i < 2000 && s.events < k && !s.finals; i++) {
        f->net.slice_end_ns = 0;
        if (llmf_next(f, c, &ev)) kit_see(&s, &ev);
        else llmf_poll(f, 0);
    }
    assert_int_equal(llmf_cancel(f, c), LLMF_OK);
    kit_take(f, c, &s);
    assert_int_equal(s.finals, 1);
    assert_int_equal(llmf_status(f, c, &done), s.code);
    assert_true(done);
    assert_true(s.code == LLMF_ERR_CANCELLED || s.code == LLMF_OK);
    if (k == 0) assert_int_equal(s.code, LLMF_ERR_CANCELLED);
    assert_int_equal(s.response.text.len, s.text.len);
    assert_memory_equal(s.response.text.ptr, kit_cstr(&s.text), s.text.len);
    assert_int_equal(llmf_cancel(f, c), LLMF_OK); /* one that has ended is left as it is */
    assert_false(llmf_next(f, c, &ev));
    assert_int_equal(llmf_poll(f, 0), 0);
    llmf_free(f, c);
    assert_int_equal(kit_used(f), before);
    kit_forget(&s);
    close_clean(f, &w);
}

static void cancel_at_every_event(void **state) {
    int k;
    (void)state;
    for (k = 0; k < 16; k++) {
        cancel_after(k, 0);
        cancel_after(k, 1);
    }
}

/* The same over a connection that drips: the call is under way whenever it is cancelled. */
static void cancel_under_way(void **state) {
    kit_world w;
    llmf_desc d = kit_desc(&w);
    llmf_factory *f;
    llmf_error err;
    llmf_model m;
    size_t before = 0;
    int k;
    (void)state;
    need_server();
    d.clock_ns = NULL;
    d.base_url = the_server.base;
    d.api_key = "sk-test-0123456789";
    d.transport = "socket";
    f = llmf_open(&d, &err);
    assert_non_null(f);
    m = model(f, "openai:story");
    for (k = 0; k < 12; k++) {
        llmf_request req = kit_request(true);
        llmf_event ev;
        llmf_call c;
        kit_seen s;
        double until = kit_seconds() + 5;
        memset(&s, 0, sizeof s);
        req.prompt = "[[d:3000]]";
        c = llmf_start(f, m, &req);
        while (s.events < k && !s.finals && kit_seconds() < until) {
            llmf_poll(f, 20);
            while (s.events < k && llmf_next(f, c, &ev)) kit_see(&s, &ev);
        }
        assert_int_equal(s.finals, 0);
        llmf_cancel(f, c);
        kit_take(f, c, &s);
        assert_int_equal(s.finals, 1);
        assert_int_equal(s.code, LLMF_ERR_CANCELLED);
        assert_true(kit_is(s.response.text, kit_cstr(&s.text)));
        llmf_free(f, c);
        kit_forget(&s);
        if (k == 0) before = kit_used(f); /* the transport remembers the URL from now on */
    }
    assert_int_equal(kit_used(f), before); /* connections closed by cancels are gone too */
    close_clean(f, &w);
}

typedef struct stopper {
    llmf_factory *f;
    kit_seen seen;
    int at;                        /* the event, from 1, at which it acts */
    int how;                       /* 0: returns LLMF_STOP; 1: frees; 2: cancels; 3: both of them; 4: polls, generates, takes: all refused */
    int calls, refused;
    llmf_model m;
} stopper;

static int on_stop(void *user, const llmf_event *ev) {
    stopper *s = (stopper *)user;
    llmf_event other;
    llmf_response r;
    llmf_request req = kit_request(false);
    s->calls++;
    kit_see(&s->seen, ev);
    if (s->seen.events != s->at) return LLMF_CONTINUE;
    if (s->how == 0) return LLMF_STOP;
    if (s->how == 2 || s->how == 3) assert_int_equal(llmf_cancel(s->f, ev->call), LLMF_OK);
    if (s->how == 1 || s->how == 3) llmf_free(s->f, ev->call);
    if (s->how == 4) {
        s->refused += llmf_poll(s->f, 0) == -LLMF_ERR_ARGUMENT;
        s->refused += llmf_generate(s->f, s->m, &req, &r) == LLMF_ERR_ARGUMENT && r.error.text[0];
        s->refused += !llmf_next(s->f, ev->call, &other);
    }
    return LLMF_CONTINUE;
}

static void inside_callbacks(void **state) {
    int how, at;
    (void)state;
    for (how = 0; how < 5; how++) {
        for (at = 1; at <= 14; at++) {
            llmf_recording r = kit_recording(200, KIT_TOOLS);
            kit_world w;
            llmf_factory *f = open_replay(&w, &r);
            llmf_request req = kit_request(true);
            llmf_call c;
            stopper s;
            size_t before;
            int i;
            memset(&s, 0, sizeof s);
            s.f = f;
            s.at = at;
            s.how = how;
            s.m = model(f, "openai:m-1");
            req.on_event = on_stop;
            req.on_event_user = &s;
            before = kit_used(f);
            c = llmf_start(f, s.m, &req);
            for (i = 0; i < 50; i++) llmf_poll(f, 0);
            assert_int_equal(llmf_poll(f, 0), 0);
            if (how == 1 || how == 3) {
                assert_true(s.seen.events == at || s.seen.finals == 1);
                assert_int_equal(llmf_status(f, c, NULL), s.seen.events < at ? s.seen.code : LLMF_ERR_STALE);
            } else {
                assert_int_equal(s.seen.finals, 1);
            }
            if ((how == 0 || how == 2) && at < 5) assert_int_equal(s.seen.code, LLMF_ERR_CANCELLED);
            if (how == 4) assert_int_equal(s.refused, s.seen.events >= at ? 3 : 0);
            if (how == 4) assert_int_equal(s.seen.code, LLMF_OK);
            llmf_free(f, c);
            assert_int_equal(kit_used(f), before);
            kit_forget(&s.seen);
            close_clean(f, &w);
        }
    }
}

typedef struct starter {
    llmf_factory *f;
    llmf_model m;
    kit_seen outer, inner;
    llmf_call second;
} starter;

static int on_start_more(void *user, const llmf_event *ev) {
    starter *s = (starter *)user;
    kit_see(&s->outer, ev);
    if (ev->type == LLMF_EVENT_TEXT && !s->second.id) {
        llmf_request req = kit_request(true);
        req.on_event = kit_on_event;
        req.on_event_user = &s->inner;
        s->second = llmf_start(s->f, s->m, &req);
        assert_int_equal(s->inner.events, 0);
    }
    return LLMF_CONTINUE;
}

static void start_inside_a_callback(void **state) {
    llmf_recording r = kit_recording(200, KIT_STORY);
    kit_world w;
    llmf_factory *f = open_replay(&w, &r);
    llmf_request req = kit_request(true);
    starter s;
    int i;
    (void)state;
    memset(&s, 0, sizeof s);
    s.f = f;
    s.m = model(f, "openai:m-1");
    req.on_event = on_start_more;
    req.on_event_user = &s;
    llmf_start(f, s.m, &req);
    for (i = 0; i < 20; i++) llmf_poll(f, 0);
    assert_int_equal(s.outer.finals, 1);
    assert_int_equal(s.inner.finals, 1);
    assert_string_equal(kit_cstr(&s.inner.text), KIT_STORY_TEXT);
    assert_string_equal(kit_cstr(&s.outer.text), KIT_STORY_TEXT);
    kit_forget(&s.outer), kit_forget(&s.inner);
    close_clean(f, &w);
}

/* The first model of the table that has an end, or has none. */
static bool model_with_end(llmf_factory *f, bool ends, llmf_model_info *info) {
    size_t i;
    for (i = 0; llmf_model_at(f, i, info); i++)
        if ((info->ends != 0) == ends && info->unavailable != LLMF_ERR_NOT_BUILT) return true;
    return false;
}

/* What the provider does not find because it took it away: the error says so, and only then. */
static void a_model_that_ended_is_told(void **state) {
    static const struct {
        bool ends;
        int status;
    } cases[] = {{true, 404}, {false, 404}, {true, 400}, {true, 200}};
    size_t i;
    (void)state;
    for (i = 0; i < KIT_COUNT(cases); i++) {
        llmf_recording r = kit_recording(cases[i].status, "{\"error\":{\"type\":\"not_known\",\"message\":\"no such model\"}}");
        kit_world w;
        llmf_desc d = kit_desc(&w);
        llmf_factory *f;
        llmf_model_info info;
        llmf_request req = kit_request(false);
        llmf_response res;
        llmf_error err;
        char name[256], day[16];
        bool told = cases[i].ends && cases[i].status == 404;
        d.transport = "replay";
        d.api_key = "k";
        f = llmf_open(&d, &err);
        assert_non_null(f);
        assert_int_equal(llmf_replay(f, &r), LLMF_OK);
        if (!model_with_end(f, cases[i].ends, &info)) skip();
        snprintf(name, sizeof name, "%.*s:%.*s", (int)info.provider.len, info.provider.ptr, (int)info.model_id.len, info.model_id.ptr);
        snprintf(day, sizeof day, "%04d-%02d-%02d", (int)(info.ends / 10000), (int)(info.ends / 100 % 100), (int)(info.ends % 100));
        assert_int_not_equal(llmf_generate(f, model(f, name), &req, &res), LLMF_OK);
        assert_int_equal(res.error.code == LLMF_ERR_NOT_FOUND, cases[i].status == 404);
        if (kit_has(res.error.text, "has it end on") != told) fail_msg("%s: %s", name, res.error.text);
        if (told) assert_true(kit_has(res.error.text, day) && kit_has(res.error.text, "take another one, such as ") && kit_has(res.error.text, "no such model"));
        llmf_release(f, &res);
        close_clean(f, &w);
    }
}

/* All columns of a row reach the caller. */
static void what_is_known_of_a_model(void **state) {
    llmf_recording r = kit_recording(200, KIT_STORY);
    kit_world w;
    llmf_factory *f = open_replay(&w, &r);
    llmf_model_info i;
    int bit;
    (void)state;
    assert_int_equal(llmf_describe(f, model(f, "gpt-5.5"), &i), LLMF_OK);
    assert_true(i.context_window == 1050000 && i.max_output == 128000);
    assert_true(i.price_input == 5000000 && i.price_output == 30000000 && i.price_cache_read == 500000);
    assert_true(i.price_cache_write == LLMF_UNKNOWN && i.price_cache_write_1h == LLMF_UNKNOWN);
    assert_int_equal(i.tier_count, 1);
    assert_true(i.tiers[0].above == 272000 && i.tiers[0].input == 10000000 && i.tiers[0].output == 45000000);
    assert_true(i.tiers[0].cache_read == 1000000 && i.tiers[0].cache_write == LLMF_UNKNOWN);
    assert_true(i.ends == 0 && i.checked > 20260101 && i.checked < 21000101);
    assert_true(i.capabilities & LLMF_CAN_REASON);
    assert_int_equal(llmf_describe(f, model(f, "claude-sonnet-5"), &i), LLMF_OK);
    assert_true(i.price_cache_write == 2500000 && i.price_cache_write_1h == 4000000 && i.tier_count == 0);
    assert_int_equal(llmf_describe(f, model(f, "alibaba:qwen3-coder-plus"), &i), LLMF_OK);
    assert_int_equal(i.tier_count, 3);
    assert_true(i.tiers[0].above < i.tiers[1].above && i.tiers[1].above < i.tiers[2].above);
    assert_int_equal(llmf_describe(f, model(f, "deepseek:deepseek-chat"), &i), LLMF_OK);
    for (bit = 0; llmf_quirk_name(bit); bit++)
        if (strcmp(llmf_quirk_name(bit), "no_schema") == 0) assert_true(i.quirks >> bit & 1);
    assert_true(bit > 8 && !llmf_quirk_name(-1) && !llmf_quirk_name(1000));
    assert_int_equal(llmf_describe(f, model(f, "openai:nobody-knows"), &i), LLMF_OK);
    assert_true(i.price_input == LLMF_UNKNOWN && i.price_cache_write_1h == LLMF_UNKNOWN && i.context_window == LLMF_UNKNOWN);
    assert_true(i.tier_count == 0 && i.ends == 0 && i.checked == 0 && i.capabilities == 0);
    close_clean(f, &w);
}

static void stale_handles(void **state) {
    llmf_recording r = kit_recording(200, KIT_STORY);
    kit_world w;
    llmf_factory *f = open_replay(&w, &r);
    llmf_model m = model(f, "openai:m-1"), own, bad;
    llmf_model_info info;
    llmf_request req = kit_request(true);
    llmf_call c = llmf_start(f, m, &req), again, none = {0};
    llmf_event ev;
    llmf_response res;
    kit_seen s;
    uint64_t wild[] = {0, 1, 0xffffffffu, UINT64_C(0xffffffffffffffff), UINT64_C(0x100000000), UINT64_C(0x200000001), UINT64_C(0x1000000ff)};
    size_t i;
    bool done = false;
    (void)state;
    memset(&s, 0, sizeof s);
    llmf_free(f, c);
    llmf_free(f, c);
    assert_int_equal(llmf_cancel(f, c), LLMF_ERR_STALE);
    assert_int_equal(llmf_status(f, c, &done), LLMF_ERR_STALE);
    assert_true(done);
    assert_false(llmf_next(f, c, &ev));
    again = llmf_start(f, m, &req); /* the same slot, another generation */
    assert_true(again.id != c.id);
    llmf_free(f, c);
    assert_int_equal(llmf_status(f, again, NULL), LLMF_OK);
    assert_true(kit_run(f, again, &s, 5));
    assert_int_equal(s.code, LLMF_OK);
    for (i = 0; i < KIT_COUNT(wild); i++) {
        llmf_call wc;
        wc.id = wild[i];
        if (wc.id == again.id) continue;
        assert_int_equal(llmf_cancel(f, wc), LLMF_ERR_STALE);
        assert_int_equal(llmf_status(f, wc, NULL), LLMF_ERR_STALE);
        assert_false(llmf_next(f, wc, &ev));
        llmf_free(f, wc);
        bad.id = wild[i];
        if (bad.id == m.id) continue;
        assert_int_equal(llmf_describe(f, bad, &info), LLMF_ERR_STALE);
        llmf_drop(f, bad);
        assert_int_equal(llmf_generate(f, bad, &req, &res), LLMF_ERR_STALE);
        assert_true(res.error.text[0] != 0);
        llmf_release(f, &res);
    }
    own = llmf_create(f, "openai:m-1", "{temperature: 0}", NULL);
    assert_true(own.id != 0);
    llmf_drop(f, own);
    llmf_drop(f, own);
    assert_int_equal(llmf_describe(f, own, &info), LLMF_ERR_STALE);
    assert_int_equal(llmf_generate(f, own, &req, &res), LLMF_ERR_STALE);
    llmf_release(f, &res);
    llmf_drop(f, m); /* not one of llmf_create: stays */
    assert_int_equal(llmf_describe(f, m, &info), LLMF_OK);
    assert_int_equal(llmf_cancel(f, none), LLMF_ERR_STALE);
    kit_forget(&s);
    close_clean(f, &w);
}

static void null_arguments(void **state) {
    llmf_error err;
    llmf_call c = {1};
    llmf_model m = {1};
    llmf_event ev;
    llmf_response r;
    llmf_request req = kit_request(false);
    kit_world w;
    llmf_desc d = kit_desc(&w);
    llmf_factory *f;
    bool done;
    (void)state;
    assert_int_equal(llmf_start(NULL, m, &req).id, 0);
    assert_int_equal(llmf_poll(NULL, 0), -LLMF_ERR_ARGUMENT);
    assert_false(llmf_next(NULL, c, &ev));
    assert_false(llmf_next_any(NULL, &ev));
    assert_int_equal(llmf_cancel(NULL, c), LLMF_ERR_STALE);
    assert_int_equal(llmf_status(NULL, c, &done), LLMF_ERR_STALE);
    llmf_free(NULL, c);
    llmf_close(NULL);
    llmf_wakeup(NULL);
    llmf_drop(NULL, m);
    assert_int_equal(llmf_get(NULL, "x", &err).id, 0);
    assert_int_equal(err.code, LLMF_ERR_ARGUMENT);
    assert_int_equal(llmf_create(NULL, "x", NULL, &err).id, 0);
    assert_int_equal(llmf_reload(NULL, &err), LLMF_ERR_ARGUMENT);
    assert_int_equal(llmf_generate(NULL, m, &req, &r), LLMF_ERR_ARGUMENT);
    assert_int_equal(llmf_fds(NULL, NULL, 0), 0);
    assert_int_equal(llmf_deadline_ms(NULL), -1);
    assert_int_equal(llmf_replay(NULL, NULL), LLMF_ERR_ARGUMENT);
    assert_null(llmf_open_abi(LLMF_ABI + 1, NULL, 0, &err));
    assert_int_equal(err.code, LLMF_ERR_ARGUMENT);
    d.transport = "replay";
    f = llmf_open(&d, NULL);
    assert_non_null(f);
    assert_int_equal(llmf_start(f, m, NULL).id, 0);
    llmf_last_error(f, &err);
    assert_int_equal(err.code, LLMF_ERR_ARGUMENT);
    assert_int_equal(llmf_poll(f, 0), 0);
    close_clean(f, &w);
    d.transport = "pigeon";
    assert_null(llmf_open(&d, &err));
    assert_int_equal(err.code, LLMF_ERR_NOT_BUILT);
    assert_true(kit_has(err.text, "pigeon") && kit_has(err.text, "replay"));
}

/* An older program knows smaller structs: the rest counts as zero, and nothing is written behind. */
static void older_structs(void **state) {
    llmf_recording r = kit_recording(200, KIT_STORY);
    kit_world w;
    llmf_factory *f = open_replay(&w, &r);
    llmf_request req = kit_request(true);
    llmf_response small;
    (void)state;
    memset(&small, 0x5a, sizeof small);
    req.flags = LLMF_DISCARD_TEXT; /* behind what that program knows */
    assert_int_equal(llmf_generate_abi(f, model(f, "openai:m-1"), &req, offsetof(llmf_request, flags), &small, offsetof(llmf_response, state)), LLMF_OK);
    assert_true(kit_is(small.text, KIT_STORY_TEXT));
    assert_int_equal(((unsigned char *)&small)[offsetof(llmf_response, state)], 0x5a);
    llmf_free(f, small.call);
    close_clean(f, &w);
}

static void as_many_calls_as_allowed(void **state) {
    llmf_recording r = kit_recording(200, KIT_STORY);
    kit_world w;
    llmf_desc d = kit_desc(&w);
    llmf_factory *f;
    llmf_error err;
    llmf_model m;
    llmf_call c[4];
    llmf_request req = kit_request(true);
    int i;
    (void)state;
    d.transport = "replay";
    d.max_calls = 3;
    f = llmf_open(&d, &err);
    assert_non_null(f);
    llmf_replay(f, &r);
    m = model(f, "openai:m-1");
    for (i = 0; i < 4; i++) c[i] = llmf_start(f, m, &req);
    assert_true(c[2].id != 0);
    assert_int_equal(c[3].id, 0);
    llmf_last_error(f, &err);
    assert_int_equal(err.code, LLMF_ERR_LIMIT);
    assert_true(kit_has(err.text, "max_calls"));
    llmf_free(f, c[1]);
    assert_true(llmf_start(f, m, &req).id != 0);
    close_clean(f, &w); /* with calls under way */
}

/* ---- waiting ---- */

static void *wake_later(void *user) {
    usleep(40000);
    llmf_wakeup((llmf_factory *)user);
    return NULL;
}

static void wakeup_from_another_thread(void **state) {
    llmf_recording r = kit_recording(200, KIT_STORY);
    kit_world w;
    llmf_desc d = kit_desc(&w);
    llmf_factory *f;
    llmf_request req = kit_request(true);
    llmf_call c;
    kit_seen s;
    pthread_t thread;
    double from;
    int i;
    (void)state;
    memset(&s, 0, sizeof s);
    r.stall_at = 200;
    d.clock_ns = NULL;
    d.transport = "replay";
    f = llmf_open(&d, NULL);
    llmf_replay(f, &r);
    c = llmf_start(f, model(f, "openai:m-1"), &req);
    for (i = 0; i < 3; i++) llmf_poll(f, 0);
    kit_take(f, c, &s);
    assert_int_equal(pthread_create(&thread, NULL, wake_later, f), 0);
    from = kit_seconds();
    assert_int_equal(llmf_poll(f, 10000), 1);
    assert_true(kit_seconds() - from < 5);
    pthread_join(thread, NULL);
    llmf_wakeup(f); /* before the wait: it must not sleep either */
    from = kit_seconds();
    llmf_poll(f, 10000);
    assert_true(kit_seconds() - from < 5);
    assert_int_equal(s.finals, 0);
    kit_forget(&s);
    close_clean(f, &w);
}

/* A program's own loop: poll(2) on what llmf_fds says, for as long as llmf_deadline_ms says. */
static void drive(const char *transport) {
    kit_world w;
    llmf_desc d = kit_desc(&w);
    llmf_factory *f;
    llmf_error err;
    llmf_request req = kit_request(true);
    llmf_call c[3];
    kit_seen s[3];
    llmf_event ev;
    int i, rounds = 0, running;
    double until = kit_seconds() + 20;
    memset(s, 0, sizeof s);
    d.clock_ns = NULL;
    d.base_url = the_server.base;
    d.api_key = "sk-test-0123456789";
    d.transport = transport;
    f = llmf_open(&d, &err);
    if (!f && err.code == LLMF_ERR_NOT_BUILT) return;
    assert_non_null(f);
    req.prompt = "[[d:4000]]";
    for (i = 0; i < 3; i++) c[i] = llmf_start(f, model(f, "openai:story"), &req);
    do {
        struct pollfd fds[16];
        llmf_fd want[16];
        size_t n = llmf_fds(f, want, 16), k;
        int64_t wait = llmf_deadline_ms(f);
        assert_true(n <= 16);
        for (k = 0; k < n; k++) {
            fds[k].fd = (int)want[k].fd;
            fds[k].events = (short)((want[k].events & LLMF_FD_READ ? POLLIN : 0) | (want[k].events & LLMF_FD_WRITE ? POLLOUT : 0));
        }
        assert_true(n > 0 || wait >= 0); /* else it would sleep for ever */
        poll(fds, n, wait < 0 || wait > 1000 ? 1000 : (int)wait);
        running = llmf_poll(f, 0);
        rounds++;
        while (llmf_next_any(f, &ev))
            for (i = 0; i < 3; i++)
                if (c[i].id == ev.call.id) kit_see(&s[i], &ev);
        assert_true(kit_seconds() < until);
    } while (running > 0);
    for (i = 0; i < 3; i++) {
        assert_int_equal(s[i].finals, 1);
        if (s[i].code != LLMF_OK) fail_msg("%s: %s", transport, s[i].error);
        assert_true(kit_is(s[i].response.text, kit_cstr(&s[i].text)));
    }
    printf("%s: %d events in %d rounds of poll(2)\n", transport, s[0].events + s[1].events + s[2].events, rounds);
    assert_true(rounds < 20 * (s[0].events + s[1].events + s[2].events) + 500); /* it slept */
    for (i = 0; i < 3; i++) kit_forget(&s[i]);
    close_clean(f, &w);
}

static void other_event_loops(void **state) {
    (void)state;
    need_server();
    drive("socket");
    drive("curl");
}

static void two_factories(void **state) {
    llmf_recording a = kit_recording(200, KIT_STORY), b = kit_recording(200, KIT_TOOLS);
    kit_world wa, wb;
    llmf_factory *fa = open_replay(&wa, &a), *fb = open_replay(&wb, &b);
    llmf_request req = kit_request(true);
    llmf_call ca, cb;
    kit_seen sa, sb;
    int i;
    (void)state;
    memset(&sa, 0, sizeof sa), memset(&sb, 0, sizeof sb);
    a.chunk = b.chunk = 1;
    ca = llmf_start(fa, model(fa, "openai:m-1"), &req);
    cb = llmf_start(fb, model(fb, "openai:m-2"), &req);
    for (i = 0; i < 40; i++) {
        llmf_poll(fa, 0);
        kit_take(fa, ca, &sa);
        llmf_poll(fb, 0);
        kit_take(fb, cb, &sb);
    }
    assert_int_equal(sa.finals, 1);
    assert_int_equal(sb.finals, 1);
    assert_string_equal(kit_cstr(&sa.text), KIT_STORY_TEXT);
    assert_string_equal(kit_cstr(&sb.text), "I look.");
    close_clean(fa, &wa);
    assert_true(kit_is(sb.response.text, "I look.")); /* the other one's is still there */
    kit_forget(&sa), kit_forget(&sb);
    close_clean(fb, &wb);
}

/* ---- timeouts, with a clock that stands still ---- */

typedef struct line {              /* a byte stream of the test's */
    bool connected;
    const char *reply;             /* what has come so far; the rest never does */
    size_t at;
    int opened, closed;
} line;

static void *line_open(void *user, const char *host, int port, bool tls) {
    (void)host, (void)port, (void)tls;
    ((line *)user)->opened++;
    ((line *)user)->at = 0;
    return user;
}
static int line_ready(void *user, void *stream) {
    (void)stream;
    return ((line *)user)->connected ? 1 : 0;
}
static int line_read(void *user, void *stream, char *out, size_t cap) {
    line *l = (line *)user;
    size_t n = strlen(l->reply + l->at);
    (void)stream;
    if (n > cap) n = cap;
    memcpy(out, l->reply + l->at, n);
    l->at += n;
    return (int)n;
}
static int line_write(void *user, void *stream, const char *bytes, size_t len) {
    (void)user, (void)stream, (void)bytes;
    return (int)len;
}
static void line_close(void *user, void *stream) {
    (void)stream;
    ((line *)user)->closed++;
}
static llmf_stream_ops line_ops(line *l) {
    llmf_stream_ops ops;
    memset(&ops, 0, sizeof ops);
    ops.user = l;
    ops.open = line_open;
    ops.ready = line_ready;
    ops.read = line_read;
    ops.write = line_write;
    ops.close = line_close;
    return ops;
}

#define HEAD "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"

typedef struct slow_case {
    const char *word;              /* in the error's text */
    bool connected;
    const char *reply, *text;
    llmf_timeouts t;
    int64_t due;
} slow_case;

static const slow_case slow_cases[] = {
    {"connect", false, "", "", {700, 0, 0, 0, 0}, 700},
    {"first byte", true, "", "", {0, 800, 0, 0, 0}, 800},
    {"first byte", true, "HTTP/1.1 20", "", {0, 800, 0, 0, 0}, 800},
    {"first content", true, HEAD, "", {0, 0, 900, 0, 0}, 900},
    {"first content", true, HEAD ": ping\n\n: ping\n\n", "", {0, 0, 900, 0, 0}, 900},
    {"idle", true, HEAD ": ping\n\n", "", {0, 0, 0, 300, 0}, 300},
    {"idle", true, HEAD KIT_CHUNK("{\"content\":\"Half\"}"), "Half", {0, 0, 0, 400, 0}, 400},
    {"idle", true, HEAD KIT_CHUNK("{\"content\":\"Half\"}") ": ping\n\n", "Half", {0, 0, 0, 400, 0}, 400},
    {"total", true, HEAD KIT_CHUNK("{\"content\":\"Half\"}"), "Half", {0, 0, 0, 0, 1000}, 1000},
    {"total", false, "", "", {-1, 0, 0, 0, 1500}, 1500},
};

static void each_timeout(void **state) {
    size_t i;
    int where, k;
    (void)state;
    for (i = 0; i < KIT_COUNT(slow_cases); i++) {
        for (where = 0; where < 2; where++) { /* in llmf_desc, in the request */
            const slow_case *t = &slow_cases[i];
            line l = {0};
            llmf_stream_ops ops = line_ops(&l);
            kit_world w;
            llmf_desc d = kit_desc(&w);
            llmf_factory *f;
            llmf_request req = kit_request(true);
            llmf_call c;
            kit_seen s;
            memset(&s, 0, sizeof s);
            l.connected = t->connected;
            l.reply = t->reply;
            d.custom_stream = &ops;
            d.base_url = "http://test";
            d.api_key = "k";
            if (where) req.timeouts = t->t;
            else d.timeouts = t->t;
            f = llmf_open(&d, NULL);
            c = llmf_start(f, model(f, "openai:m"), &req);
            for (k = 0; k < 5; k++) llmf_poll(f, 0);
            kit_take(f, c, &s);
            assert_string_equal(kit_cstr(&s.text), t->text);
            assert_true(llmf_deadline_ms(f) <= t->due);
            w.now += (uint64_t)(t->due - 1) * 1000000u;
            for (k = 0; k < 3; k++) llmf_poll(f, 0);
            kit_take(f, c, &s);
            if (s.finals) fail_msg("%s: too early: %s", t->word, s.error);
            w.now += 1000000u;
            for (k = 0; k < 3; k++) llmf_poll(f, 0);
            kit_take(f, c, &s);
            if (s.finals != 1 || s.code != LLMF_ERR_TIMEOUT || !kit_has(s.error, t->word)) fail_msg("case %d: wanted a timeout of %s, got %d %s", (int)i, t->word, s.code, s.error);
            assert_true(kit_is(s.response.text, t->text));
            assert_int_equal(l.opened, l.closed); /* the connection is not kept */
            kit_forget(&s);
            close_clean(f, &w);
        }
    }
}

/* Comments keep the connection alive, not the call; content does. */
static void pings_are_no_content(void **state) {
    static const char ping[] = ": ping\n\n", word[] = KIT_CHUNK("{\"content\":\"x\"}");
    int kind;
    (void)state;
    for (kind = 0; kind < 2; kind++) {
        line l = {0};
        llmf_stream_ops ops = line_ops(&l);
        kit_world w;
        llmf_desc d = kit_desc(&w);
        llmf_factory *f;
        llmf_request req = kit_request(true);
        llmf_call c;
        kit_seen s;
        kit_text all;
        int i;
        memset(&s, 0, sizeof s), memset(&all, 0, sizeof all);
        kit_adds(&all, HEAD);
        kit_adds(&all, word);
        l.connected = true;
        l.reply = all.ptr;
        d.custom_stream = &ops;
        d.base_url = "http://test";
        d.api_key = "k";
        d.timeouts.idle_ms = 1000;
        f = llmf_open(&d, NULL);
        c = llmf_start(f, model(f, "openai:m"), &req);
        for (i = 0; i < 30 && !s.finals; i++) {
            llmf_poll(f, 0);
            kit_take(f, c, &s);
            w.now += 100 * UINT64_C(1000000);
            kit_adds(&all, kind ? word : ping);
            l.reply = all.ptr;
        }
        if (kind == 0) assert_int_equal(s.code, LLMF_ERR_TIMEOUT);
        else assert_int_equal(s.finals, 0);
        kit_forget(&s);
        kit_drop(&all);
        close_clean(f, &w);
    }
}

/* The caller is the one who waits: no idle timeout while it does not take its events. */
static void no_timeout_while_the_caller_waits(void **state) {
    kit_text body = {NULL, 0, 0}, text = {NULL, 0, 0};
    llmf_recording r;
    kit_world w;
    llmf_factory *f;
    llmf_request req = kit_request(true);
    llmf_call c;
    kit_seen s;
    int i;
    (void)state;
    memset(&s, 0, sizeof s);
    kit_counting(&body, &text, 500);
    r = kit_recording(200, body.ptr);
    f = open_replay(&w, &r);
    req.timeouts.idle_ms = 1000;
    c = llmf_start(f, model(f, "openai:m"), &req);
    for (i = 0; i < 10; i++) {
        llmf_poll(f, 0);
        w.now += UINT64_C(10000000000);
    }
    assert_true(kit_run(f, c, &s, 5));
    if (s.code != LLMF_OK) fail_msg("%s", s.error);
    assert_string_equal(kit_cstr(&s.text), text.ptr);
    kit_forget(&s);
    kit_drop(&body), kit_drop(&text);
    close_clean(f, &w);
}

/* ---- models and config ---- */

static void names_and_handles(void **state) {
    static const char *const names[] = {"openai:a", "openai:b", "openai:c", "openai:d", "openai:e"};
    llmf_recording r = kit_recording(200, KIT_STORY);
    kit_world w;
    llmf_desc d = kit_desc(&w);
    llmf_factory *f;
    llmf_model m[5], own;
    llmf_model_info info;
    llmf_request req = kit_request(true);
    llmf_response res;
    int i, round;
    (void)state;
    d.transport = "replay";
    d.max_models = 2;
    f = llmf_open(&d, NULL);
    llmf_replay(f, &r);
    for (i = 0; i < 5; i++) m[i] = model(f, names[i]);
    for (round = 0; round < 3; round++) {
        for (i = 0; i < 5; i++) {
            assert_true(model(f, names[i]).id == m[i].id);
            assert_int_equal(llmf_describe(f, m[i], &info), LLMF_OK);
            assert_true(kit_is(info.model_id, names[i] + 7));
            assert_int_equal(llmf_generate(f, m[i], &req, &res), LLMF_OK);
            assert_true(kit_is(res.text, KIT_STORY_TEXT));
            llmf_release(f, &res);
        }
        assert_true(f->handles.prepared <= 2);
    }
    own = llmf_create(f, "openai:a", "{max_tokens: 7}", NULL);
    assert_true(own.id && own.id != m[0].id);
    assert_true(model(f, "openai:a").id == m[0].id);
    {
        llmf_preview p;
        assert_int_equal(llmf_preview_request(f, own, &req, &p), LLMF_OK);
        assert_true(strstr(p.body.ptr, "\"max_tokens\":7") != NULL);
        llmf_free(f, p.call);
        assert_int_equal(llmf_preview_request(f, m[0], &req, &p), LLMF_OK);
        assert_true(strstr(p.body.ptr, "max_tokens") == NULL);
        llmf_free(f, p.call);
    }
    llmf_drop(f, own);
    close_clean(f, &w);
}

static void reload_while_calls_run(void **state) {
    char path[] = "/tmp/llmf-api-XXXXXX";
    int fd = mkstemp(path);
    FILE *file;
    llmf_recording r = kit_recording(200, KIT_STORY);
    kit_world w;
    llmf_desc d = kit_desc(&w);
    llmf_factory *f;
    llmf_model m;
    llmf_model_info info;
    llmf_request req = kit_request(true);
    llmf_call c;
    llmf_error err;
    kit_seen s;
    size_t settled = 0;
    int i;
    (void)state;
    memset(&s, 0, sizeof s);
    assert_true(fd >= 0);
    close(fd);
    file = fopen(path, "w");
    fputs("models: {fast: {provider: openai, model_id: one, temperature: 0.5}}\n", file);
    fclose(file);
    d.transport = "replay";
    d.config = path;
    f = llmf_open(&d, &err);
    if (!f) fail_msg("%s", err.text);
    llmf_replay(f, &r);
    m = model(f, "fast");
    assert_int_equal(llmf_describe(f, m, &info), LLMF_OK);
    assert_true(kit_is(info.model_id, "one") && info.configured);
    c = llmf_start(f, m, &req);

    file = fopen(path, "w");
    fputs("models: {fast: {provider: openai, model_id: two}}\n", file);
    fclose(file);
    assert_int_equal(llmf_reload(f, &err), LLMF_OK);
    assert_int_equal(llmf_describe(f, m, &info), LLMF_OK);
    assert_true(kit_is(info.model_id, "two"));
    assert_true(kit_run(f, c, &s, 5)); /* started under the old one */
    assert_int_equal(s.code, LLMF_OK);
    assert_string_equal(kit_cstr(&s.text), KIT_STORY_TEXT);
    llmf_free(f, c);

    file = fopen(path, "w");
    fputs("models:\n  fast: {provider: openai, model_id: three, temperatur: 1}\n", file);
    fclose(file);
    assert_int_equal(llmf_reload(f, &err), LLMF_ERR_CONFIG);
    assert_int_equal(err.line, 2);
    assert_true(kit_has(err.text, "temperature")); /* the nearest known key */
    assert_int_equal(llmf_describe(f, m, &info), LLMF_OK);
    assert_true(kit_is(info.model_id, "two"));
    assert_int_equal(llmf_get_fresh(f, "fast", &err).id, 0);

    file = fopen(path, "w");
    fputs("models: {other: {provider: openai, model_id: four}}\n", file);
    fclose(file);
    assert_int_equal(llmf_reload(f, &err), LLMF_OK);
    assert_int_not_equal(llmf_describe(f, m, &info), LLMF_OK); /* the name is gone: an error, never another model */
    assert_true(model(f, "other").id != m.id);
    for (i = 0; i < 20; i++) {
        assert_int_equal(llmf_reload(f, &err), LLMF_OK);
        assert_int_equal(llmf_describe(f, model(f, "other"), &info), LLMF_OK);
        if (i == 1) settled = kit_used(f);
    }
    assert_int_equal(kit_used(f), settled); /* a reload leaks nothing */
    unlink(path);
    kit_forget(&s);
    close_clean(f, &w);
}

static void what_errors_say(void **state) {
    static const char *const env[] = {"LLM_PROVIDER", "", NULL};
    kit_world w;
    llmf_desc d = kit_desc(&w);
    llmf_factory *f;
    llmf_error err;
    llmf_request req = kit_request(true);
    llmf_response res;
    llmf_provider_info p;
    size_t i;
    (void)state;
    w.env = env;
    f = llmf_open(&d, &err);
    assert_non_null(f);
    assert_int_equal(llmf_get(f, "gpt-4.1-minni", &err).id, 0);
    assert_int_equal(err.code, LLMF_ERR_UNKNOWN_MODEL);
    assert_true(kit_has(err.text, "gpt-4.1-minni") && kit_has(err.text, "gpt-4.1-mini"));
    assert_int_equal(llmf_get(f, "opanai:gpt-4.1", &err).id, 0);
    assert_true(err.code == LLMF_ERR_UNKNOWN_PROVIDER || err.code == LLMF_ERR_UNKNOWN_MODEL);
    assert_true(kit_has(err.text, "openai"));
    for (i = 0; llmf_provider_at(f, i, &p); i++) { /* those that this build knows by name only */
        char name[64];
        if (p.unavailable != LLMF_ERR_NOT_BUILT) continue;
        snprintf(name, sizeof name, "%.*s:some-model", (int)p.name.len, p.name.ptr);
        assert_int_equal(llmf_get(f, name, &err).id, 0);
        assert_int_equal(err.code, LLMF_ERR_NOT_BUILT);
        assert_true(kit_has(err.text, "LLMF_") || kit_has(err.text, "version")); /* the option, or that it comes later */
        assert_true(p.reason[0] != 0);
    }
    assert_int_equal(llmf_get(f, NULL, &err).id, 0); /* no default provider */
    assert_true(err.text[0] != 0);
    assert_int_equal(llmf_generate(f, model(f, "openai:gpt-4.1"), &req, &res), LLMF_ERR_AUTH);
    assert_true(kit_has(res.error.text, "OPENAI_API_KEY"));
    assert_int_equal(res.error.http_status, 0);
    llmf_release(f, &res);
    assert_int_equal(llmf_generate(f, model(f, "anthropic:claude-sonnet-5"), &req, &res), LLMF_ERR_AUTH);
    assert_true(kit_has(res.error.text, "ANTHROPIC_API_KEY"));
    llmf_release(f, &res);
    close_clean(f, &w);
}

static void requests_that_are_refused(void **state) {
    static const llmf_tool no_name = {"", NULL, NULL, false}, bad_schema = {"t", NULL, "{\"type\":}", false};
    llmf_recording r = kit_recording(200, KIT_STORY);
    kit_world w;
    llmf_factory *f = open_replay(&w, &r);
    llmf_model m = model(f, "openai:m");
    struct {
        const char *field;
        llmf_request req;
    } cases[14];
    llmf_message bad_role, no_id, utf8;
    const char *empty_stop[] = {"ok", ""};
    size_t i, n = 0, before = 0;
    (void)state;
    memset(cases, 0, sizeof cases);
    memset(&bad_role, 0, sizeof bad_role), memset(&no_id, 0, sizeof no_id), memset(&utf8, 0, sizeof utf8);
    bad_role.role = 9, bad_role.content = "x";
    no_id.role = LLMF_TOOL, no_id.content = "x";
    utf8.content = "a\xff";
    cases[n++].field = "prompt"; /* neither prompt nor messages */
    cases[n].req.prompt = "x", cases[n].req.messages = &utf8, cases[n].req.message_count = 1, cases[n++].field = "prompt";
    cases[n].req.messages = &bad_role, cases[n].req.message_count = 1, cases[n++].field = "messages[0].role";
    cases[n].req.messages = &no_id, cases[n].req.message_count = 1, cases[n++].field = "messages[0].tool_call_id";
    cases[n].req.messages = &utf8, cases[n].req.message_count = 1, cases[n++].field = "messages[0].content";
    cases[n].req.prompt = "x", cases[n].req.temperature = 2.1, cases[n++].field = "temperature";
    cases[n].req.prompt = "x", cases[n].req.top_p = 1.01, cases[n++].field = "top_p";
    cases[n].req.prompt = "x", cases[n].req.max_tokens = -1, cases[n++].field = "max_tokens";
    cases[n].req.prompt = "x", cases[n].req.stop = empty_stop, cases[n].req.stop_count = 2, cases[n++].field = "stop[1]";
    cases[n].req.prompt = "x", cases[n].req.tools = &no_name, cases[n].req.tool_count = 1, cases[n++].field = "tools[0].name";
    cases[n].req.prompt = "x", cases[n].req.tools = &bad_schema, cases[n].req.tool_count = 1, cases[n++].field = "tools[0].parameters";
    cases[n].req.prompt = "x", cases[n].req.tool_choice = "zzz", cases[n++].field = "tool_choice";
    cases[n].req.prompt = "x", cases[n].req.format = "xml", cases[n++].field = "format";
    cases[n].req.prompt = "x", cases[n].req.extra = "[1]", cases[n++].field = "extra";
    assert_int_equal(n, KIT_COUNT(cases));
    for (i = 0; i < n; i++) {
        llmf_call c;
        kit_seen s;
        memset(&s, 0, sizeof s);
        before = kit_used(f);
        c = llmf_start(f, m, &cases[i].req);
        assert_true(c.id != 0);
        kit_take(f, c, &s);
        assert_int_equal(s.finals, 1);
        if (s.code != LLMF_ERR_ARGUMENT || !kit_has(s.error, cases[i].field)) fail_msg("%s: %d %s", cases[i].field, s.code, s.error);
        llmf_free(f, c);
        assert_int_equal(kit_used(f), before);
        kit_forget(&s);
    }
    close_clean(f, &w);
}

/* ---- what a program brings itself ---- */

typedef struct carrier {           /* an HTTP client of the test's */
    llmf_exchange *x;
    kit_text body, head;
    const char *reply;
    size_t at, piece;
    int starts, cancels, refuse, end;
    bool begun;
} carrier;

static int carrier_start(void *user, llmf_exchange *x, const llmf_http_request *req) {
    carrier *c = (carrier *)user;
    char part[7];
    size_t n, i;
    c->starts++;
    if (c->refuse) return c->refuse;
    c->x = x;
    c->at = 0;
    c->begun = false;
    kit_drop(&c->body), kit_drop(&c->head);
    kit_add(&c->head, req->method.ptr, req->method.len);
    kit_adds(&c->head, " ");
    kit_add(&c->head, req->url.ptr, req->url.len);
    kit_adds(&c->head, "\n");
    for (i = 0; i < req->header_count; i++) {
        kit_add(&c->head, req->headers[i].name.ptr, req->headers[i].name.len);
        kit_adds(&c->head, ": ");
        kit_add(&c->head, req->headers[i].value.ptr, req->headers[i].value.len);
        kit_adds(&c->head, "\n");
    }
    while ((n = llmf_exchange_read(x, part, 3)) > 0) kit_add(&c->body, part, n);
    assert_int_equal(c->body.len, req->body_len);
    llmf_exchange_rewind(x);
    for (i = 0; (n = llmf_exchange_read(x, part, sizeof part)) > 0; i += n) assert_memory_equal(part, c->body.ptr + i, n);
    assert_int_equal(i, req->body_len);
    return LLMF_OK;
}
static void carrier_cancel(void *user, llmf_exchange *x) {
    carrier *c = (carrier *)user;
    assert_ptr_equal(c->x, x);
    c->cancels++;
    c->x = NULL;
}
static void carrier_poll(void *user, int timeout_ms) {
    carrier *c = (carrier *)user;
    size_t left, n;
    (void)timeout_ms;
    if (!c->x) return;
    if (!c->begun) {
        c->begun = true;
        llmf_exchange_status(c->x, 200);
        llmf_exchange_header(c->x, kit_str("X-Request-Id"), kit_str("mine"));
    }
    left = strlen(c->reply + c->at);
    n = left < c->piece ? left : c->piece;
    if (n) {
        c->at += llmf_exchange_data(c->x, c->reply + c->at, n);
    } else {
        llmf_exchange *x = c->x;
        c->x = NULL;
        llmf_exchange_end(x, c->end, c->end ? "the test says so" : NULL);
    }
}

static void custom_transport(void **state) {
    static const struct {
        int refuse, end;
        const char *reply;
        int code;
    } cases[] = {
        {0, LLMF_OK, KIT_STORY, LLMF_OK},
        {0, LLMF_OK, KIT_CHUNK("{\"content\":\"Half\"}"), LLMF_ERR_TRUNCATED},
        {0, LLMF_ERR_NETWORK, KIT_CHUNK("{\"content\":\"Half\"}"), LLMF_ERR_TRUNCATED},
        {0, LLMF_ERR_NETWORK, KIT_STORY, LLMF_OK}, /* it was whole before the connection broke */
        {LLMF_ERR_NETWORK, 0, "", LLMF_ERR_NETWORK},
        {LLMF_ERR_TLS, 0, "", LLMF_ERR_TLS},
        {LLMF_ERR_TIMEOUT, 0, "", LLMF_ERR_TIMEOUT},
    };
    size_t i, piece;
    (void)state;
    for (i = 0; i < KIT_COUNT(cases); i++) {
        for (piece = 1; piece < 4000; piece = piece * 5 + 2) {
            carrier k;
            llmf_transport t;
            kit_world w;
            llmf_desc d = kit_desc(&w);
            llmf_factory *f;
            llmf_request req = kit_request(true);
            llmf_call c;
            kit_seen s;
            memset(&k, 0, sizeof k), memset(&t, 0, sizeof t), memset(&s, 0, sizeof s);
            k.reply = cases[i].reply;
            k.piece = piece;
            k.refuse = cases[i].refuse;
            k.end = cases[i].end;
            t.user = &k;
            t.start = carrier_start;
            t.cancel = carrier_cancel;
            t.poll = carrier_poll;
            d.custom_transport = &t;
            d.api_key = "sk-carried";
            f = llmf_open(&d, NULL);
            c = llmf_start(f, model(f, "openai:m"), &req);
            assert_int_equal(k.starts, 0); /* never from inside llmf_start */
            assert_true(kit_run(f, c, &s, 5));
            if (s.code != cases[i].code) fail_msg("case %d: %d %s", (int)i, s.code, s.error);
            if (cases[i].refuse == 0) {
                assert_true(kit_has(k.head.ptr, "POST https://api.openai.com/v1/chat/completions\n"));
                assert_true(kit_has(k.head.ptr, "Authorization: Bearer sk-carried\n"));
                assert_true(kit_has(k.head.ptr, "Content-Type: application/json\n"));
                assert_true(llmf_json_valid(kit_str(k.body.ptr), NULL));
                assert_true(kit_is(s.response.request_id, "mine"));
            }
            if (cases[i].end) assert_true(s.code == LLMF_OK || kit_has(s.error, "the test says so"));
            assert_int_equal(k.cancels, 0);
            llmf_free(f, c);
            c = llmf_start(f, model(f, "openai:m"), &req); /* and one that is given up */
            k.refuse = 0;
            k.reply = KIT_STORY;
            k.piece = 1;
            llmf_poll(f, 0);
            assert_non_null(k.x);
            llmf_free(f, c);
            assert_int_equal(k.cancels, 1);
            kit_drop(&k.body), kit_drop(&k.head);
            kit_forget(&s);
            close_clean(f, &w);
        }
    }
}

/* The other end of a socketpair, served by hand. */
typedef struct pair {
    int ours, theirs;
    int opened, closed;
    kit_text asked;
} pair;

static void *pair_open(void *user, const char *host, int port, bool tls) {
    pair *p = (pair *)user;
    int fds[2];
    assert_string_equal(host, "api.openai.com");
    assert_int_equal(port, 443);
    assert_true(tls);
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0) return NULL;
    fcntl(fds[0], F_SETFL, O_NONBLOCK);
    fcntl(fds[1], F_SETFL, O_NONBLOCK);
    p->ours = fds[0];
    p->theirs = fds[1];
    p->opened++;
    return p;
}
static int pair_ready(void *user, void *stream) {
    (void)user, (void)stream;
    return 1;
}
static int pair_read(void *user, void *stream, char *out, size_t cap) {
    ssize_t n = read(((pair *)user)->ours, out, cap);
    (void)stream;
    return n > 0 ? (int)n : n == 0 ? LLMF_STREAM_END : errno == EAGAIN ? 0 : -LLMF_ERR_NETWORK;
}
static int pair_write(void *user, void *stream, const char *bytes, size_t len) {
    ssize_t n = write(((pair *)user)->ours, bytes, len > 11 ? 11 : len);
    (void)stream;
    return n >= 0 ? (int)n : errno == EAGAIN ? 0 : -LLMF_ERR_NETWORK;
}
static void pair_close(void *user, void *stream) {
    pair *p = (pair *)user;
    (void)stream;
    close(p->ours);
    close(p->theirs);
    p->closed++;
}
static intptr_t pair_fd(void *user, void *stream, int *events) {
    (void)stream, (void)events;
    return ((pair *)user)->ours;
}
static void pair_serve(pair *p, bool *answered) {
    char bytes[4096];
    ssize_t n;
    if (p->opened == p->closed) return;
    while ((n = read(p->theirs, bytes, sizeof bytes)) > 0) kit_add(&p->asked, bytes, (size_t)n);
    if (!*answered && p->asked.len && strstr(p->asked.ptr, "story.\"}]}")) {
        static const char reply[] = HEAD KIT_STORY;
        *answered = true;
        assert_int_equal(write(p->theirs, reply, sizeof reply - 1), (int)sizeof reply - 1);
        shutdown(p->theirs, SHUT_WR);
    }
}

static void custom_stream(void **state) {
    int with_fd;
    (void)state;
    for (with_fd = 0; with_fd < 2; with_fd++) {
        pair p;
        llmf_stream_ops ops;
        kit_world w;
        llmf_desc d = kit_desc(&w);
        llmf_factory *f;
        llmf_request req = kit_request(true);
        llmf_call c;
        kit_seen s;
        bool answered = false;
        int i;
        memset(&p, 0, sizeof p), memset(&ops, 0, sizeof ops), memset(&s, 0, sizeof s);
        ops.user = &p;
        ops.open = pair_open;
        ops.ready = pair_ready;
        ops.read = pair_read;
        ops.write = pair_write;
        ops.close = pair_close;
        ops.fd = with_fd ? pair_fd : NULL;
        d.clock_ns = NULL;
        d.custom_stream = &ops;
        d.api_key = "k";
        f = llmf_open(&d, NULL);
        c = llmf_start(f, model(f, "openai:m"), &req);
        for (i = 0; i < 3000 && !s.finals; i++) {
            llmf_poll(f, 1);
            pair_serve(&p, &answered);
            kit_take(f, c, &s);
        }
        if (s.code != LLMF_OK || !s.finals) fail_msg("with a descriptor %d: %d %s", with_fd, s.finals, s.error);
        assert_string_equal(kit_cstr(&s.text), KIT_STORY_TEXT);
        assert_true(kit_has(p.asked.ptr, "POST /v1/chat/completions HTTP/1.1\r\n") && kit_has(p.asked.ptr, "Host: api.openai.com\r\n"));
        kit_forget(&s);
        llmf_close(f);
        assert_int_equal(p.opened, p.closed);
        kit_drop(&p.asked);
        kit_drop(&w.log);
    }
}

static void toy_path(void *user, const llmf_request *req, const llmf_model_info *info, llmf_out *out) {
    (void)user;
    llmf_out_write(out, "/toy/", 5);
    llmf_out_write(out, info->model_id.ptr, info->model_id.len);
    if (req->stream) llmf_out_write(out, "?live", 5);
}
static void toy_body(void *user, const llmf_request *req, const llmf_model_info *info, llmf_out *out) {
    size_t i;
    (void)user, (void)info;
    llmf_out_write(out, "{\"say\":[", 8);
    for (i = 0; i < req->message_count; i++) {
        if (i) llmf_out_write(out, ",", 1);
        llmf_out_json_string(out, kit_str(req->messages[i].content));
    }
    llmf_out_write(out, "]}", 2);
}
static void toy_frame(void *user, llmf_reply *reply, llmf_str event, llmf_str data) {
    llmf_str v;
    char text[64];
    (void)user, (void)event;
    if (llmf_json_get(data, "t", &v)) {
        llmf_str s;
        s.ptr = text;
        s.len = llmf_json_string(v, text, sizeof text);
        llmf_reply_text(reply, s);
    }
    if (llmf_json_get(data, "think", &v)) llmf_reply_reasoning(reply, kit_str("hm"));
    if (llmf_json_get(data, "call", &v)) llmf_reply_tool(reply, kit_str(""), kit_str("f"), v);
    if (llmf_json_get(data, "oops", &v)) llmf_reply_error(reply, LLMF_ERR_QUOTA, kit_str("broke"), kit_str("no coins left"));
    if (llmf_json_get(data, "end", &v)) {
        llmf_usage u = {3, -1, -1, 4, -1};
        llmf_reply_usage(reply, &u);
        llmf_reply_finish(reply, kit_str("stop"));
        llmf_reply_done(reply);
    }
}

static void registered_dialect(void **state) {
    static const char lines[] = "{\"t\":\"Hel\"}\n{\"think\":1}\n{\"t\":\"lo \\\"you\\\"\"}\n{\"call\":{\"a\":1}}\n{\"end\":1}\n";
    llmf_recording r = kit_recording(200, lines);
    kit_world w;
    llmf_factory *f = open_replay(&w, &r);
    llmf_dialect d;
    llmf_provider_desc p;
    llmf_error err;
    llmf_request req = kit_request(true);
    llmf_response res;
    llmf_preview view;
    llmf_model m;
    (void)state;
    memset(&d, 0, sizeof d), memset(&p, 0, sizeof p);
    d.name = "toy";
    assert_int_equal(llmf_register_dialect(f, &d, &err), LLMF_ERR_ARGUMENT);
    d.path = toy_path;
    d.body = toy_body;
    d.framing = LLMF_FRAMING_JSON;
    d.stream_framing = LLMF_FRAMING_NDJSON;
    d.on_frame = toy_frame;
    p.name = "toyhost";
    p.dialect = "toy";
    p.base_url = "http://toys";
    assert_int_equal(llmf_register_dialect(f, &d, &err), LLMF_OK);
    if (llmf_register(f, &p, &err) != LLMF_OK) fail_msg("%s", err.text);
    m = model(f, "toyhost:bear");
    req.prompt = "Say \"hi\"";
    assert_int_equal(llmf_preview_request(f, m, &req, &view), LLMF_OK);
    assert_true(kit_is(view.url, "http://toys/toy/bear?live"));
    assert_true(kit_is(view.body, "{\"say\":[\"Say \\\"hi\\\"\"]}"));
    llmf_free(f, view.call);
    if (llmf_generate(f, m, &req, &res) != LLMF_OK) fail_msg("%s", res.error.text);
    assert_true(kit_is(res.text, "Hello \"you\""));
    assert_true(kit_is(res.reasoning, "hm"));
    assert_int_equal(res.tool_call_count, 1);
    assert_true(kit_is(res.tool_calls[0].name, "f") && res.tool_calls[0].id.len && kit_is(res.tool_calls[0].arguments, "{\"a\":1}"));
    assert_int_equal(res.usage.output, 4);
    assert_int_equal(res.finish, LLMF_FINISH_TOOL_CALLS);
    llmf_release(f, &res);
    r.cut_at = sizeof lines - 12;
    assert_int_equal(llmf_generate(f, m, &req, &res), LLMF_ERR_TRUNCATED);
    assert_true(kit_is(res.text, "Hello \"you\""));
    llmf_release(f, &res);
    r = kit_recording(200, "{\"t\":\"a\"}\n{\"oops\":1}\n");
    assert_int_equal(llmf_generate(f, m, &req, &res), LLMF_ERR_QUOTA);
    assert_string_equal(res.error.provider_code, "broke");
    assert_true(kit_is(res.error.message, "no coins left") && kit_is(res.text, "a"));
    llmf_release(f, &res);
    assert_int_equal(llmf_reload(f, &err), LLMF_OK); /* what is registered stays */
    r = kit_recording(200, lines);
    assert_int_equal(llmf_generate(f, m, &req, &res), LLMF_OK);
    llmf_release(f, &res);
    close_clean(f, &w);
}

/* ---- copies and loans ---- */

static void requests_are_copied(void **state) {
    static const unsigned char png[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', 1, 2, 3};
    carrier k;
    llmf_transport t;
    kit_world w;
    llmf_desc d = kit_desc(&w);
    llmf_factory *f;
    llmf_request req;
    llmf_message msg;
    llmf_part part;
    char prompt[] = "the words that were meant", name[] = "gizmo";
    llmf_tool tool;
    llmf_call c;
    kit_seen s;
    (void)state;
    memset(&k, 0, sizeof k), memset(&t, 0, sizeof t), memset(&s, 0, sizeof s), memset(&req, 0, sizeof req);
    memset(&msg, 0, sizeof msg), memset(&part, 0, sizeof part), memset(&tool, 0, sizeof tool);
    k.reply = KIT_STORY;
    k.piece = 100;
    t.user = &k, t.start = carrier_start, t.cancel = carrier_cancel, t.poll = carrier_poll;
    d.custom_transport = &t;
    d.api_key = "k";
    f = llmf_open(&d, NULL);
    part.type = LLMF_PART_IMAGE;
    part.data = png;
    part.data_len = sizeof png;
    msg.content = prompt;
    msg.parts = &part;
    msg.part_count = 1;
    tool.name = name;
    req.messages = &msg;
    req.message_count = 1;
    req.tools = &tool;
    req.tool_count = 1;
    req.stream = true;
    c = llmf_start(f, model(f, "openai:m"), &req);
    memset(prompt, '#', sizeof prompt - 1);
    memset(name, '#', sizeof name - 1);
    memset(&msg, 0, sizeof msg), memset(&part, 0, sizeof part), memset(&tool, 0, sizeof tool), memset(&req, 0, sizeof req);
    assert_true(kit_run(f, c, &s, 5));
    assert_true(kit_has(k.body.ptr, "the words that were meant") && kit_has(k.body.ptr, "gizmo"));
    assert_true(kit_has(k.body.ptr, "data:image/png;base64,iVBORw0KGgoBAgM="));
    kit_drop(&k.body), kit_drop(&k.head);
    kit_forget(&s);
    close_clean(f, &w);
}

static void kept_and_discarded(void **state) {
    llmf_recording r = kit_recording(200, KIT_TOOLS);
    kit_world w;
    llmf_factory *f = open_replay(&w, &r);
    llmf_request req = kit_request(true);
    llmf_response res;
    llmf_call c;
    kit_seen s;
    (void)state;
    memset(&s, 0, sizeof s);
    req.flags = LLMF_KEEP_RAW;
    assert_int_equal(llmf_generate(f, model(f, "openai:m"), &req, &res), LLMF_OK);
    assert_true(kit_is(res.raw, KIT_TOOLS));
    llmf_release(f, &res);
    req.flags = LLMF_DISCARD_TEXT;
    c = llmf_start(f, model(f, "openai:m"), &req);
    assert_true(kit_run(f, c, &s, 5));
    assert_string_equal(kit_cstr(&s.text), "I look.");
    assert_int_equal(s.response.text.len, 0);
    assert_int_equal(s.response.reasoning.len, 0);
    assert_int_equal(s.response.tool_call_count, 2);
    kit_forget(&s);
    close_clean(f, &w);
}

/* ---- secrets ---- */

static void header_values_are_checked(void **state) {
    static const char *const configs[] = {
        "models: {m: {provider: openai, model_id: x, headers: {X-Team: \"a\\r\\nX-Evil: 1\"}}}",
        "models: {m: {provider: openai, model_id: x, headers: {\"X-Team\\r\\nX-Evil\": \"1\"}}}",
        "models: {m: {provider: openai, model_id: x, headers: {X-Team: \"a\\u0000b\"}}}",
    };
    static const char *const keys[] = {"sk-a\r\nX-Evil: 1", "sk-a\nb", "sk-\x01"};
    llmf_recording r = kit_recording(200, KIT_STORY);
    size_t i;
    (void)state;
    for (i = 0; i < KIT_COUNT(configs); i++) {
        kit_world w;
        llmf_desc d = kit_desc(&w);
        llmf_factory *f;
        llmf_error err;
        llmf_request req = kit_request(true);
        llmf_response res;
        d.transport = "replay";
        d.config_text = configs[i];
        f = llmf_open(&d, &err);
        if (f) {
            llmf_replay(f, &r);
            assert_int_equal(llmf_generate(f, model(f, "m"), &req, &res), LLMF_ERR_CONFIG);
            assert_false(kit_has(res.error.text, "\n"));
            llmf_release(f, &res);
        } else {
            assert_int_equal(err.code, LLMF_ERR_CONFIG);
            assert_true(err.line == 1 && err.column > 0);
        }
        close_clean(f, &w);
    }
    for (i = 0; i < KIT_COUNT(keys); i++) {
        kit_world w;
        llmf_desc d = kit_desc(&w);
        llmf_factory *f;
        llmf_request req = kit_request(true);
        llmf_response res;
        d.transport = "replay";
        d.api_key = keys[i];
        f = llmf_open(&d, NULL);
        assert_non_null(f);
        llmf_replay(f, &r);
        assert_int_equal(llmf_generate(f, model(f, "openai:m"), &req, &res), LLMF_ERR_AUTH);
        assert_false(kit_has(res.error.text, "sk-"));
        llmf_release(f, &res);
        close_clean(f, &w);
    }
}

#define CANARY "sk-canary-4f3e2d1c0b9a8877"
#define PLAIN_CANARY "canary.4f3e2d1c+0b9a/8877=" /* looks like no known kind of key */

static void no_canary(const char *what, const char *text) {
    if (kit_has(text, "4f3e2d1c")) fail_msg("%s shows the key: %s", what, text);
}

/* Servers that say the key back in every place they can. */
static void the_key_is_never_told(void **state) {
    static const char *const keys[] = {CANARY, PLAIN_CANARY};
    static const char *const bodies[] = {
        "{\"error\":{\"message\":\"Incorrect API key provided: %s. Find it at...\",\"type\":\"invalid_request_error\",\"code\":\"invalid_api_key\"}}",
        "{\"error\":\"bad key %s\"}", "{\"detail\":\"Bearer %s is not known\"}", "<html>key %s refused</html>", "{\"error\":{\"message\":\"x\",\"code\":\"%s\"}}",
    };
    size_t i, k;
    (void)state;
    for (k = 0; k < KIT_COUNT(keys); k++) {
        for (i = 0; i < KIT_COUNT(bodies); i++) {
            char body[512];
            const char *env[] = {"OPENAI_API_KEY", keys[k], NULL};
            llmf_recording r;
            kit_world w;
            llmf_desc d = kit_desc(&w);
            llmf_factory *f;
            llmf_request req = kit_request(true);
            llmf_response res;
            llmf_preview p;
            llmf_model m;
            llmf_error err;
            size_t h;
            w.env = env;
            d.transport = "replay";
            f = llmf_open(&d, NULL);
            snprintf(body, sizeof body, bodies[i], keys[k]);
            r = kit_recording(401, body);
            llmf_replay(f, &r);
            m = model(f, "openai:m");
            assert_int_equal(llmf_generate(f, m, &req, &res), LLMF_ERR_AUTH);
            no_canary("the error's text", res.error.text);
            no_canary("the provider's code", res.error.provider_code);
            if (res.error.message.len) no_canary("the provider's message", res.error.message.ptr);
            llmf_release(f, &res);
            assert_int_equal(llmf_preview_request(f, m, &req, &p), LLMF_OK);
            no_canary("the preview's body", p.body.ptr);
            for (h = 0; h < p.header_count; h++) no_canary("a header of the preview", p.headers[h].value.ptr);
            llmf_free(f, p.call);
            no_canary("the log", kit_cstr(&w.log));
            llmf_last_error(f, &err);
            no_canary("the last error", err.text);
            close_clean(f, &w);
        }
    }
}

/* The block is the caller's: after llmf_close the key must be nowhere in it, whichever way it came in. */
enum { BY_ENV, BY_DESC, BY_CONFIG_TEXT, BY_CONFIG_FILE, BY_ENV_FILE, BY_CREATE, BY_REGISTER, BY_RELOAD, OVER_SOCKET, FAILED_KEY, WAYS };

static void write_file(char *path, const char *text) {
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (int)strlen(text));
    close(fd);
}

static void key_wiped(int how) {
    static unsigned char block[1 << 20];
    static const char *const env[] = {"OPENAI_API_KEY", CANARY, "TOY_KEY", CANARY, NULL};
    char path[] = "/tmp/llmf-key-XXXXXX";
    llmf_recording r = kit_recording(200, KIT_STORY);
    kit_world w;
    llmf_desc d = kit_desc(&w);
    llmf_factory *f;
    llmf_error err;
    llmf_model m;
    llmf_request req = kit_request(true);
    llmf_response res;
    size_t i, found = 0;
    memset(block, 0, sizeof block);
    d.transport = "replay";
    d.memory = block;
    d.memory_size = sizeof block;
    if (how == BY_ENV || how == BY_REGISTER || how == OVER_SOCKET) w.env = env;
    if (how == BY_DESC) d.api_key = CANARY;
    if (how == BY_CONFIG_TEXT || how == BY_RELOAD) d.config_text = "models: {m: {provider: openai, model_id: m, api_key: " CANARY "}}";
    if (how == BY_CONFIG_FILE) write_file(path, "models: {m: {provider: openai, model_id: m, api_key: " CANARY "}}\n"), d.config = path;
    if (how == BY_ENV_FILE) write_file(path, "OPENAI_API_KEY=" CANARY "\n"), d.env_file = path;
    if (how == FAILED_KEY) d.api_key = CANARY "\n";
    if (how == OVER_SOCKET) d.transport = "socket", d.base_url = the_server.base, d.clock_ns = NULL;
    f = llmf_open(&d, &err);
    if (!f) fail_msg("way %d: %s", how, err.text);
    llmf_replay(f, &r);
    if (how == BY_RELOAD) assert_int_equal(llmf_reload(f, &err), LLMF_OK);
    if (how == BY_REGISTER) {
        llmf_provider_desc p;
        memset(&p, 0, sizeof p);
        p.name = "toy";
        p.dialect = "openai";
        p.base_url = "http://toys/v1";
        p.key_env = "TOY_KEY";
        assert_int_equal(llmf_register(f, &p, &err), LLMF_OK);
        m = model(f, "toy:m");
    } else if (how == BY_CREATE) {
        m = llmf_create(f, "openai:m", "{api_key: " CANARY "}", &err);
        if (!m.id) fail_msg("llmf_create: %s", err.text);
    } else {
        m = model(f, how == BY_CONFIG_TEXT || how == BY_CONFIG_FILE || how == BY_RELOAD ? "m" : "openai:m");
    }
    llmf_generate(f, m, &req, &res);
    if (res.error.code != (how == FAILED_KEY ? LLMF_ERR_AUTH : LLMF_OK)) fail_msg("way %d: %s", how, res.error.text);
    llmf_release(f, &res);
    llmf_drop(f, m);
    llmf_close(f);
    for (i = 0; i + sizeof CANARY < sizeof block; i++) found += memcmp(block + i, CANARY, sizeof CANARY - 1) == 0;
    if (how == BY_CONFIG_FILE || how == BY_ENV_FILE) unlink(path);
    if (found) fail_msg("way %d: the key is left %zu times in the block", how, found);
    kit_drop(&w.log);
}

static void the_key_is_wiped(void **state) {
    int how;
    (void)state;
    for (how = 0; how < WAYS; how++)
        if (how != OVER_SOCKET || the_server.pid) key_wiped(how);
}

/* A redirect is not followed, so no key goes to another host: that host must never hear of us. */
static void redirects_are_not_followed(void **state) {
    static const char *const transports[] = {"socket", "curl"};
    server other;
    char url[160], reply[65536];
    size_t i;
    (void)state;
    need_server();
    assert_true(server_start(&other));
    snprintf(url, sizeof url, "%s/x-redirect-127.0.0.1:%d", the_server.base, other.port);
    for (i = 0; i < 2; i++) {
        kit_world w;
        llmf_desc d = kit_desc(&w);
        llmf_factory *f;
        llmf_error err;
        llmf_request req = kit_request(true);
        llmf_response res;
        d.clock_ns = NULL;
        d.base_url = url;
        d.api_key = CANARY;
        d.transport = transports[i];
        f = llmf_open(&d, &err);
        if (!f && err.code == LLMF_ERR_NOT_BUILT) continue;
        assert_int_not_equal(llmf_generate(f, model(f, "openai:m"), &req, &res), LLMF_OK);
        assert_int_equal(res.error.http_status, 307);
        no_canary("the error", res.error.text);
        llmf_release(f, &res);
        close_clean(f, &w);
    }
    server_ask(other.port, "GET", "/stats", reply, sizeof reply);
    assert_true(kit_has(reply, "\"requests\":0"));
    server_stop(&other);
}

/* ---- locale ---- */

/* A locale whose decimal point is a comma: the system's, or one made for this test where the means are there. */
static bool comma_locale(char *folder) {
    char command[256];
    if (setlocale(LC_ALL, "de_DE.UTF-8") || setlocale(LC_ALL, "fr_FR.UTF-8")) return true;
    if (!mkdtemp(folder)) return false;
    snprintf(command, sizeof command, "localedef -i de_DE -f UTF-8 %s/de_DE.UTF-8 >/dev/null 2>&1", folder);
    if (system(command) != 0) return false;
    setenv("LOCPATH", folder, 1);
    return setlocale(LC_ALL, "de_DE.UTF-8") != NULL;
}

static void locale_changes_nothing(void **state) {
    char folder[] = "/tmp/llmf-locale-XXXXXX", command[64], comma[8];
    llmf_recording r = kit_recording(200, "{\"choices\":[{\"index\":0,\"message\":{\"content\":\"x\"},\"finish_reason\":\"stop\"}]}");
    llmf_header retry;
    kit_world w;
    llmf_factory *f;
    llmf_request req = kit_request(false);
    llmf_preview p;
    llmf_response res;
    double v = 0;
    (void)state;
    if (!comma_locale(folder)) skip();
    snprintf(comma, sizeof comma, "%.1f", 1.5);
    assert_string_equal(comma, "1,5"); /* it is one */
    retry.name = kit_str("retry-after");
    retry.value = kit_str("2.5");
    r.headers = &retry;
    r.header_count = 1;
    f = open_replay(&w, &r);
    req.temperature = 0.25;
    assert_int_equal(llmf_preview_request(f, model(f, "openai:m"), &req, &p), LLMF_OK);
    assert_true(strstr(p.body.ptr, "\"temperature\":0.25") != NULL);
    llmf_free(f, p.call);
    assert_int_equal(llmf_generate(f, model(f, "openai:m"), &req, &res), LLMF_OK);
    assert_int_equal(res.error.retry_after_ms, 2500);
    llmf_release(f, &res);
    assert_true(llmf_json_number(kit_str("1.5"), &v) && v == 1.5);
    close_clean(f, &w);
    setlocale(LC_ALL, "C");
    unsetenv("LOCPATH");
    snprintf(command, sizeof command, "rm -rf %s", folder);
    if (!strstr(folder, "XXXXXX")) assert_int_equal(system(command), 0);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(faces_agree),
        cmocka_unit_test(response_is_filled),
        cmocka_unit_test(cancel_at_every_event),
        cmocka_unit_test(cancel_under_way),
        cmocka_unit_test(inside_callbacks),
        cmocka_unit_test(start_inside_a_callback),
        cmocka_unit_test(a_model_that_ended_is_told),
        cmocka_unit_test(what_is_known_of_a_model),
        cmocka_unit_test(stale_handles),
        cmocka_unit_test(null_arguments),
        cmocka_unit_test(older_structs),
        cmocka_unit_test(as_many_calls_as_allowed),
        cmocka_unit_test(wakeup_from_another_thread),
        cmocka_unit_test(other_event_loops),
        cmocka_unit_test(two_factories),
        cmocka_unit_test(each_timeout),
        cmocka_unit_test(pings_are_no_content),
        cmocka_unit_test(no_timeout_while_the_caller_waits),
        cmocka_unit_test(names_and_handles),
        cmocka_unit_test(reload_while_calls_run),
        cmocka_unit_test(what_errors_say),
        cmocka_unit_test(requests_that_are_refused),
        cmocka_unit_test(custom_transport),
        cmocka_unit_test(custom_stream),
        cmocka_unit_test(registered_dialect),
        cmocka_unit_test(requests_are_copied),
        cmocka_unit_test(kept_and_discarded),
        cmocka_unit_test(header_values_are_checked),
        cmocka_unit_test(the_key_is_never_told),
        cmocka_unit_test(the_key_is_wiped),
        cmocka_unit_test(redirects_are_not_followed),
        cmocka_unit_test(locale_changes_nothing),
    };
    int failed;
    server_start(&the_server);
    failed = cmocka_run_group_tests_name("api", tests, NULL, NULL);
    server_stop(&the_server);
    return failed;
}
