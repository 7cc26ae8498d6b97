/* Runs: a model and the functions that it calls. First a world that a script decides (script.h), then every dialect against the loopback server. */
#include "script.h"
#include "server.h"

static script s;
static kit_seen seen;
static server the_server;

#define ANSWER(message, reason, in, out) "{\"id\":\"a\",\"object\":\"chat.completion\",\"model\":\"m-1\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\"," message \
    "},\"finish_reason\":\"" reason "\"}],\"usage\":{\"prompt_tokens\":" #in ",\"completion_tokens\":" #out ",\"prompt_tokens_details\":{\"cached_tokens\":0}," \
    "\"completion_tokens_details\":{\"reasoning_tokens\":0}}}"
#define CALL(id, name, args) "{\"id\":\"" id "\",\"type\":\"function\",\"function\":{\"name\":\"" name "\",\"arguments\":\"" args "\"}}"
#define CALLS(calls) ANSWER("\"content\":null,\"tool_calls\":[" calls "]", "tool_calls", 10, 2)
#define SAYS(text) ANSWER("\"content\":\"" text "\"", "stop", 20, 3)

#define CONFIG \
    "providers:\n  p: {dialect: openai, base_url: 'http://a.test/v1', auth: none}\n" \
    "models:\n" \
    "  fast: {provider: p, model_id: fast-1, input_token_cost_usd_per_million: 1, output_token_cost_usd_per_million: 2}\n" \
    "  other: {provider: p, model_id: other-1, input_token_cost_usd_per_million: 10, output_token_cost_usd_per_million: 20}\n"

static char bodies[64][4096];                /* of the requests, in order */
static const char *const *answers;           /* the last for ever */
static int answer_count, status_at;          /* the request (from 1) that is answered with 500 */

static script_reply scripted(script *x, const llmf_http_request *req, int n) {
    script_reply r;
    (void)req;
    memset(&r, 0, sizeof r);
    if (n <= 64) snprintf(bodies[n - 1], sizeof bodies[0], "%s", x->body);
    r.delay_ms = 10;
    r.status = n == status_at ? 500 : 200;
    r.body = n == status_at ? "{\"error\":{\"message\":\"no\",\"type\":\"t\",\"code\":\"c\"}}" : answers[(n <= answer_count ? n : answer_count) - 1];
    r.piece_ms = strncmp(r.body, "data:", 5) == 0;
    return r;
}

static const char *const one_call[] = {CALLS(CALL("c1", "add", "{\\\"a\\\":2,\\\"b\\\":40}")), SAYS("It is 42.")};
static const char *const two_calls[] = {CALLS(CALL("c1", "add", "{\\\"a\\\":2,\\\"b\\\":40}") "," CALL("c2", "echo", "{\\\"text\\\":\\\"hi\\\"}")), SAYS("Done.")};
static const char *const endless[] = {CALLS(CALL("c1", "add", "{\\\"a\\\":1,\\\"b\\\":1}"))};
static const char *const streams[] = {KIT_TOOLS, KIT_STORY};

static llmf_factory *open_with(const char *const *list, int count, llmf_desc *d) {
    llmf_desc own = script_desc(&s, scripted);
    llmf_error err;
    llmf_factory *f;
    if (d) {
        d->custom_transport = own.custom_transport;
        own = *d;
    }
    own.no_env = true;
    own.config_text = CONFIG;
    answers = list;
    answer_count = count;
    status_at = 0;
    f = llmf_open(&own, &err);
    if (!f) fail_msg("%s", err.text);
    kit_forget(&seen);
    (void)llmf_get(f, "fast", NULL); /* handles stay */
    return f;
}

static void close_all(llmf_factory *f) {
    llmf_close(f);
    assert_int_equal(s.under_way, 0);
    kit_drop(&s.w.log);
    kit_forget(&seen);
}

/* ---- the functions ---- */

static int runs, cancels, asked;             /* how often each hook was called */
static int approve_with, pending_asks;       /* what `approve` says; how often it says "not yet" before */
static int echo_returns;
static llmf_tool_use latest;

static int add(void *user, const llmf_tool_use *use, llmf_out *out) {
    llmf_str a, b;
    double x, y;
    char text[32];
    (void)user;
    runs++;
    latest = *use;
    if (!llmf_json_get(use->arguments, "a", &a) || !llmf_json_get(use->arguments, "b", &b) || !llmf_json_number(a, &x) || !llmf_json_number(b, &y)) {
        llmf_out_write(out, "a and b must be numbers", 23);
        return LLMF_TOOL_ERROR;
    }
    snprintf(text, sizeof text, "%g", x + y);
    llmf_out_write(out, text, strlen(text));
    return LLMF_TOOL_OK;
}

static int echo(void *user, const llmf_tool_use *use, llmf_out *out) {
    llmf_str v;
    char text[64] = "";
    (void)user;
    runs++;
    latest = *use;
    if (llmf_json_get(use->arguments, "text", &v)) llmf_json_string(v, text, sizeof text);
    if (echo_returns != LLMF_TOOL_PENDING) llmf_out_write(out, text, strlen(text));
    return echo_returns;
}

static void cancelled(void *user, const llmf_tool_use *use) {
    (void)user;
    assert_true(use->id.len != 0);
    cancels++;
}

static int approve(void *user, const llmf_tool_use *use, llmf_out *out) {
    (void)user, (void)use;
    asked++;
    if (pending_asks-- > 0) return LLMF_TOOL_PENDING;
    if (approve_with != LLMF_TOOL_OK) llmf_out_write(out, "ask me first", 12);
    return approve_with;
}

static llmf_function functions[] = {
    {{"add", "adds", "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"number\"},\"b\":{\"type\":\"number\"}}}", false}, add, cancelled, NULL, 0},
    {{"echo", NULL, NULL, false}, echo, cancelled, NULL, 0},
    {{"later", NULL, NULL, false}, NULL, cancelled, NULL, 0},
    {{"look", NULL, NULL, false}, echo, cancelled, NULL, 0},
    {{"go", NULL, NULL, false}, echo, cancelled, NULL, 0},
};
static llmf_request base;
static llmf_run_desc run_desc;

static void fresh(void) {
    memset(&base, 0, sizeof base);
    memset(&run_desc, 0, sizeof run_desc);
    memset(&latest, 0, sizeof latest);
    base.prompt = "Add 2 and 40.";
    run_desc.request = &base;
    run_desc.functions = functions;
    run_desc.function_count = KIT_COUNT(functions);
    runs = cancels = asked = pending_asks = 0;
    approve_with = echo_returns = LLMF_TOOL_OK;
    functions[2].timeout_ms = 0;
    kit_forget(&seen);
    s.asked = 0;
}

static llmf_call start(llmf_factory *f) {
    llmf_error err;
    llmf_call c = llmf_start_run(f, llmf_get(f, "fast", &err), &run_desc);
    assert_true(c.id != 0);
    return c;
}

static void told(int code, const char *part) {
    if (seen.code != code || !kit_has(seen.error, part)) fail_msg("%d, not %d: %s", seen.code, code, seen.error);
}

static llmf_call finish(llmf_factory *f, int code, const char *part) {
    llmf_call c = start(f);
    assert_true(script_run(&s, f, c, &seen));
    assert_int_equal(seen.finals, 1);
    told(code, part);
    return c;
}

static void sent(int n, const char *part) {
    if (!kit_has(bodies[n - 1], part)) fail_msg("request %d lacks %s: %s", n, part, bodies[n - 1]);
}

/* Each call of the conversation has its result, in order, and behind it. */
static void whole(const llmf_response *r) {
    size_t i, k;
    for (i = 0; i < r->message_count; i++)
        for (k = 0; k < r->messages[i].tool_call_count; k++) {
            const llmf_message *m = &r->messages[i + 1 + k];
            assert_true(i + 1 + k < r->message_count);
            assert_int_equal(m->role, LLMF_TOOL);
            assert_true(m->tool_call_id.len == r->messages[i].tool_calls[k].id.len);
            assert_memory_equal(m->tool_call_id.ptr, r->messages[i].tool_calls[k].id.ptr, m->tool_call_id.len);
        }
}

/* ---- as it should be ---- */

static void one_function(void **state) {
    llmf_factory *f = open_with(one_call, 2, NULL);
    size_t before = kit_used(f);
    llmf_call c;
    (void)state;
    fresh();
    c = finish(f, LLMF_OK, "");
    assert_int_equal(s.asked, 2);
    sent(1, "\"name\":\"add\"");
    sent(2, "{\"role\":\"tool\",\"tool_call_id\":\"c1\",\"content\":\"42\"}");
    sent(2, "\"arguments\":\"{\\\"a\\\":2,\\\"b\\\":40}\"");
    assert_string_equal(kit_cstr(&seen.log), "tool_start 0 c1 add\ntool_delta 0 {\"a\":2,\"b\":40}\ntool_call 0 c1 add {\"a\":2,\"b\":40}\nusage\n"
        "tool_result 0 c1 add 42\nstep 0\ntext It is 42.\nusage\n");
    assert_true(kit_is(seen.response.text, "It is 42."));
    assert_int_equal(seen.response.usage.input, 30);
    assert_int_equal(seen.response.usage.output, 5);
    assert_true(seen.response.cost_pico == (30 * 1 + 5 * 2) * INT64_C(1000000));
    assert_int_equal(seen.response.attempt_count, 2);
    assert_int_equal(seen.response.attempt_total, 2);
    assert_int_equal(seen.response.latency_ms, 20);
    assert_int_equal(seen.response.message_count, 4);
    assert_string_equal(seen.response.messages[0].content, "Add 2 and 40.");
    assert_string_equal(seen.response.messages[3].content, "It is 42.");
    whole(&seen.response);
    assert_int_equal(latest.turn, 0);
    assert_true(latest.call.id == c.id);
    llmf_free(f, c);
    assert_int_equal(kit_used(f), before);
    close_all(f);
}

/* The same seen by a callback, by llmf_run, and with the conversation gone on with. */
static void other_faces(void **state) {
    llmf_factory *f = open_with(two_calls, 2, NULL);
    size_t before = kit_used(f), i;
    kit_seen other;
    llmf_call c;
    llmf_response r;
    llmf_error err;
    llmf_message talk[8];
    (void)state;
    fresh();
    memset(&other, 0, sizeof other);
    llmf_free(f, finish(f, LLMF_OK, ""));
    base.on_event = kit_on_event;
    base.on_event_user = &other;
    s.asked = 0;
    c = start(f);
    for (i = 0; i < 100 && !other.finals; i++) script_step(&s, f);
    assert_int_equal(other.finals, 1);
    assert_string_equal(kit_cstr(&other.log), kit_cstr(&seen.log));
    assert_true(kit_has(kit_cstr(&seen.log), "tool_result 0 c1 add 42\ntool_result 1 c2 echo hi\nstep 0\n"));
    llmf_free(f, c);
    base.on_event = NULL;
    llmf_close(f);
    kit_drop(&s.w.log);
    { /* blocking: the clock goes by itself */
        llmf_desc d = script_desc(&s, scripted);
        s.w.step = 1000000;
        f = open_with(two_calls, 2, &d);
        s.w.step = 1000000;
    }
    before = kit_used(f);
    assert_int_equal(llmf_run(f, llmf_get(f, "fast", &err), &run_desc, &r), LLMF_OK);
    assert_true(kit_is(r.text, "Done."));
    assert_int_equal(r.message_count, 5);
    whole(&r);
    for (i = 0; i < r.message_count; i++) talk[i] = r.messages[i];
    memset(&talk[5], 0, sizeof talk[5]);
    talk[5].content = "And again?";
    base.prompt = NULL;
    base.messages = talk;
    base.message_count = 6;
    c = start(f);
    llmf_release(f, &r); /* all was copied */
    assert_true(script_run(&s, f, c, &seen));
    sent(3, "And again?");
    sent(3, "\"tool_call_id\":\"c2\"");
    llmf_free(f, c);
    kit_forget(&other);
    assert_in_range(kit_used(f), before, before + 4096);
    close_all(f);
}

static void streams_all(void **state) {
    llmf_factory *f = open_with(streams, 2, NULL);
    (void)state;
    fresh();
    base.stream = true;
    llmf_free(f, finish(f, LLMF_OK, ""));
    assert_string_equal(kit_cstr(&seen.text), "I look." KIT_STORY_TEXT);
    assert_string_equal(kit_cstr(&seen.reasoning), "Think hard");
    assert_true(kit_has(kit_cstr(&seen.log), "tool_result 0 call_a look\ntool_result 1 call_b go\nstep 0 I look.\ntext Once\n"));
    sent(2, "\"content\":\"I look.\"");
    close_all(f);
}

/* Ids that nobody gave are made so that none comes twice in a run. */
static void ids_are_made(void **state) {
    static const char *const none[] = {CALLS(CALL("", "add", "{\\\"a\\\":1,\\\"b\\\":1}") "," CALL("", "echo", "{}")), CALLS(CALL("", "add", "{}")), SAYS("ok")};
    llmf_factory *f = open_with(none, 3, NULL);
    llmf_call c;
    (void)state;
    fresh();
    c = finish(f, LLMF_OK, "");
    assert_int_equal(seen.response.message_count, 7);
    assert_true(kit_is(seen.response.messages[1].tool_calls[0].id, "call00001"));
    assert_true(kit_is(seen.response.messages[1].tool_calls[1].id, "call00002"));
    assert_true(kit_is(seen.response.messages[4].tool_calls[0].id, "call00003"));
    whole(&seen.response);
    llmf_free(f, c);
    close_all(f);
}

/* ---- what the model is told ---- */

static void errors_are_told(void **state) {
    static const char *const wrong[] = {CALLS(CALL("c1", "add", "{\\\"a\\\":1}") "," CALL("c2", "nope", "{}") "," CALL("c3", "echo", "[1]") "," CALL("c4", "echo", "{\\\"a")), SAYS("ok")};
    llmf_factory *f = open_with(wrong, 2, NULL);
    llmf_call c;
    (void)state;
    fresh();
    c = finish(f, LLMF_OK, "");
    sent(2, "error: a and b must be numbers");
    sent(2, "error: there is no function nope; there are: add, echo, later, look, go");
    sent(2, "error: the arguments are no JSON object");
    assert_int_equal(runs, 1);
    assert_int_equal(seen.response.message_count, 7);
    assert_true(seen.response.messages[2].is_error && seen.response.messages[3].is_error && seen.response.messages[5].is_error);
    whole(&seen.response);
    llmf_free(f, c);
    /* an error without words, and a number that means nothing */
    answers = two_calls;
    fresh();
    echo_returns = 77;
    c = finish(f, LLMF_OK, "");
    sent(2, "\"content\":\"error: hi\"");
    llmf_free(f, c);
    close_all(f);
}

static size_t long_len;
static int says_much(void *user, const llmf_tool_use *use, llmf_out *out) {
    size_t i;
    (void)user, (void)use;
    for (i = 0; i < long_len; i++) llmf_out_write(out, i % 2 ? "\xa9" : "\xc3", 1);
    return LLMF_TOOL_OK;
}

static void results_are_cut_and_cleaned(void **state) {
    llmf_desc d = script_desc(&s, scripted);
    llmf_factory *f;
    llmf_call c;
    const llmf_message *m;
    llmf_function own = functions[0];
    (void)state;
    d.memory_size = 32 << 20;
    f = open_with(one_call, 2, &d);
    fresh();
    own.run = says_much;
    run_desc.functions = &own;
    run_desc.function_count = 1;
    long_len = LLMF_MAX_TOOL_RESULT + 9;
    c = finish(f, LLMF_OK, "");
    m = &seen.response.messages[2];
    assert_true(kit_has(m->content + m->content_len - 60, "\xc3\xa9\n[cut off here: it had 1048585 bytes]"));
    assert_true(llmfi_utf8_valid(kit_str(m->content), NULL));
    llmf_free(f, c);
    fresh();
    run_desc.functions = &own;
    run_desc.function_count = 1;
    long_len = 3; /* ends in the middle of a character */
    c = finish(f, LLMF_OK, "");
    assert_string_equal(seen.response.messages[2].content, "\xc3\xa9\xef\xbf\xbd");
    llmf_free(f, c);
    close_all(f);
}

static void approval(void **state) {
    static const struct { int with, pending, code, runs; const char *second; } rows[] = {
        {LLMF_TOOL_OK, 0, LLMF_OK, 2, "\"content\":\"42\""},
        {LLMF_TOOL_OK, 5, LLMF_OK, 2, "\"content\":\"hi\""},
        {LLMF_TOOL_REFUSE, 0, LLMF_OK, 0, "\"content\":\"refused: ask me first\""},
        {LLMF_TOOL_STOP, 0, LLMF_ERR_CANCELLED, 0, NULL},
        {LLMF_TOOL_STOP, 3, LLMF_ERR_CANCELLED, 0, NULL},
    };
    llmf_factory *f = open_with(two_calls, 2, NULL);
    size_t i, before = kit_used(f);
    (void)state;
    for (i = 0; i < KIT_COUNT(rows); i++) {
        llmf_call c;
        fresh();
        run_desc.approve = approve;
        approve_with = rows[i].with;
        pending_asks = rows[i].pending;
        c = finish(f, rows[i].code, rows[i].code ? "run, turn 1: the run was stopped at its function" : "");
        assert_int_equal(runs, rows[i].runs);
        if (rows[i].second) sent(2, rows[i].second);
        assert_int_equal(s.asked, rows[i].second ? 2 : 1);
        assert_int_equal(seen.response.message_count, rows[i].second ? 5 : 4);
        if (!rows[i].second) {
            bool first = kit_is(seen.response.messages[2].tool_call_id, "c1") && kit_has(seen.response.messages[2].content, "refused");
            assert_string_equal(seen.response.messages[first ? 2 : 3].content, "refused: ask me first");
            assert_string_equal(seen.response.messages[first ? 3 : 2].content, "not run: the run has ended");
            assert_true(seen.response.messages[2].is_error && seen.response.messages[3].is_error);
        }
        whole(&seen.response);
        llmf_free(f, c);
        assert_int_equal(kit_used(f), before);
    }
    /* a function that stops the run keeps its result */
    fresh();
    echo_returns = LLMF_TOOL_STOP;
    llmf_free(f, finish(f, LLMF_ERR_CANCELLED, "stopped at its function echo"));
    close_all(f);
}

/* ---- later ---- */

static const char *const waits[] = {CALLS(CALL("c1", "later", "{}") "," CALL("c2", "echo", "{\\\"text\\\":\\\"hi\\\"}") "," CALL("c3", "later", "{}")), SAYS("ok")};

/* Until nothing happens any more but time. */
static void idle(llmf_factory *f, llmf_call c) {
    int i;
    for (i = 0; i < 50; i++) {
        kit_take(f, c, &seen);
        script_step(&s, f);
    }
}

static void pending(void **state) {
    llmf_factory *f = open_with(waits, 2, NULL);
    size_t before = kit_used(f);
    llmf_call c, stale = {0};
    (void)state;
    fresh();
    c = start(f);
    assert_int_equal(llmf_tool_done(f, c, kit_str("c1"), kit_str("x"), 0), LLMF_ERR_ARGUMENT); /* nothing was called yet */
    idle(f, c);
    assert_int_equal(runs, 1);
    assert_int_equal(s.asked, 1);
    assert_true(llmfi_call_of(f, c)->deadline_ns == UINT64_MAX); /* nothing but the program is waited for */
    assert_int_equal(llmf_tool_done(f, c, kit_str("c3"), kit_str("third"), 0), LLMF_OK);
    assert_int_equal(llmf_tool_done(f, c, kit_str("c3"), kit_str("again"), 0), LLMF_ERR_ARGUMENT);
    assert_int_equal(llmf_tool_done(f, c, kit_str("c2"), kit_str("again"), 0), LLMF_ERR_ARGUMENT);
    assert_int_equal(llmf_tool_done(f, stale, kit_str("c1"), kit_str("x"), 0), LLMF_ERR_STALE);
    idle(f, c);
    assert_int_equal(s.asked, 1);
    assert_int_equal(llmf_tool_done(f, c, kit_str("c1"), kit_str("no such"), 1), LLMF_OK);
    assert_true(script_run(&s, f, c, &seen));
    told(LLMF_OK, "");
    assert_string_equal(seen.response.messages[2].content, "error: no such");
    assert_string_equal(seen.response.messages[3].content, "hi");
    assert_string_equal(seen.response.messages[4].content, "third");
    whole(&seen.response);
    assert_int_equal(llmf_tool_done(f, c, kit_str("c1"), kit_str("x"), 0), LLMF_ERR_STALE);
    assert_int_equal(cancels, 0);
    llmf_free(f, c);
    assert_int_equal(kit_used(f), before);
    close_all(f);
}

static void pending_times(void **state) {
    llmf_factory *f = open_with(waits, 2, NULL);
    llmf_call c;
    (void)state;
    fresh();
    functions[2].timeout_ms = 250;
    c = finish(f, LLMF_OK, "");
    assert_int_equal(seen.response.latency_ms, 270);
    assert_string_equal(seen.response.messages[2].content, "error: the function has not answered in time");
    assert_int_equal(cancels, 2);
    llmf_free(f, c);
    /* the time of the whole */
    fresh();
    base.timeouts.total_ms = 100;
    functions[2].timeout_ms = 250;
    c = finish(f, LLMF_ERR_TIMEOUT, "run, turn 1: timeout, total (timeouts.total_ms)");
    assert_int_equal(seen.response.latency_ms, 100);
    assert_int_equal(cancels, 2);
    assert_int_equal(seen.response.message_count, 5);
    assert_string_equal(seen.response.messages[3].content, "hi");
    whole(&seen.response);
    llmf_free(f, c);
    /* one that must wait for approval */
    fresh();
    base.timeouts.total_ms = 100;
    run_desc.approve = approve;
    pending_asks = 1000;
    c = finish(f, LLMF_ERR_TIMEOUT, "total");
    assert_in_range(asked, 10, 40);
    llmf_free(f, c);
    close_all(f);
}

/* ---- limits ---- */

static void limits(void **state) {
    llmf_factory *f = open_with(endless, 1, NULL);
    size_t before = kit_used(f);
    llmf_call c;
    int turns;
    (void)state;
    for (turns = 0; turns < 4; turns++) {
        fresh();
        run_desc.max_turns = turns;
        c = finish(f, LLMF_ERR_LIMIT, "raise llmf_run_desc.max_turns");
        assert_int_equal(s.asked, turns ? turns : LLMF_MAX_TURNS);
        assert_int_equal(runs, (turns ? turns : LLMF_MAX_TURNS) - 1);
        assert_int_equal(seen.response.usage.input, 10 * s.asked);
        assert_int_equal(seen.response.message_count, 1 + 2 * s.asked);
        assert_string_equal(seen.response.messages[2 * s.asked].content, "not run: the run has ended");
        whole(&seen.response);
        llmf_free(f, c);
        assert_int_equal(kit_used(f), before);
    }
    fresh();
    run_desc.max_tool_calls = 3;
    llmf_free(f, finish(f, LLMF_ERR_LIMIT, "run, turn 4: the model calls more functions than llmf_run_desc.max_tool_calls"));
    assert_int_equal(runs, 3);
    /* money of the whole */
    fresh();
    base.max_tokens = 100;
    base.budget_pico = 1200 * INT64_C(1000000);
    c = finish(f, LLMF_ERR_BUDGET, "budget of the call");
    assert_true(s.asked > 1 && s.asked < LLMF_MAX_TURNS);
    assert_true(kit_has(seen.error, "run, turn "));
    whole(&seen.response);
    llmf_free(f, c);
    /* time of the whole */
    fresh();
    base.timeouts.total_ms = 35;
    llmf_free(f, finish(f, LLMF_ERR_TIMEOUT, "total"));
    assert_int_equal(s.asked, 4);
    close_all(f);
}

/* A tool that is forced is so once. */
static void a_choice(void **state) {
    llmf_factory *f = open_with(one_call, 2, NULL);
    (void)state;
    fresh();
    base.tool_choice = "required";
    llmf_free(f, finish(f, LLMF_OK, ""));
    sent(1, "\"tool_choice\":\"required\"");
    assert_false(kit_has(bodies[1], "tool_choice"));
    close_all(f);
}

static void wrong_from_the_start(void **state) {
    llmf_factory *f = open_with(one_call, 2, NULL);
    size_t before = kit_used(f);
    static const llmf_tool tool = {"x", NULL, NULL, false};
    llmf_function twice[2];
    llmf_model none = {0};
    llmf_response r;
    llmf_call c;
    llmf_error err;
    (void)state;
    twice[0] = twice[1] = functions[0];
    fresh();
    base.tools = &tool;
    base.tool_count = 1;
    llmf_free(f, finish(f, LLMF_ERR_ARGUMENT, "give them as functions"));
    fresh();
    run_desc.functions = twice;
    run_desc.function_count = 2;
    llmf_free(f, finish(f, LLMF_ERR_ARGUMENT, "functions: add is there twice"));
    twice[1].tool.name = "";
    llmf_free(f, (kit_forget(&seen), finish(f, LLMF_ERR_ARGUMENT, "one has no tool.name")));
    twice[1].tool.name = "b";
    twice[1].tool.parameters = "{";
    llmf_free(f, (kit_forget(&seen), finish(f, LLMF_ERR_ARGUMENT, "llmf_request.tools[1].parameters")));
    fresh();
    run_desc.functions = NULL;
    llmf_free(f, finish(f, LLMF_ERR_ARGUMENT, "functions is NULL"));
    fresh();
    run_desc.max_turns = -1;
    llmf_free(f, finish(f, LLMF_ERR_ARGUMENT, "max_turns"));
    fresh();
    run_desc.max_tool_calls = -1;
    llmf_free(f, finish(f, LLMF_ERR_ARGUMENT, "max_tool_calls"));
    fresh();
    base.prompt = NULL;
    llmf_free(f, finish(f, LLMF_ERR_ARGUMENT, "prompt"));
    fresh();
    base.op = LLMF_OP_COUNT_TOKENS;
    llmf_free(f, finish(f, LLMF_ERR_ARGUMENT, "must be a chat"));
    fresh();
    c = llmf_start_run(f, none, &run_desc);
    assert_true(script_run(&s, f, c, &seen));
    told(LLMF_ERR_STALE, "handle");
    llmf_free(f, c);
    run_desc.request = NULL;
    assert_true(llmf_start_run(f, none, &run_desc).id == 0 && llmf_start_run(f, none, NULL).id == 0 && llmf_start_run(NULL, none, &run_desc).id == 0);
    llmf_last_error(f, &err);
    assert_int_equal(err.code, LLMF_ERR_ARGUMENT);
    assert_int_equal(llmf_run(f, none, &run_desc, &r), LLMF_ERR_ARGUMENT);
    assert_int_equal(llmf_run(NULL, none, &run_desc, &r), LLMF_ERR_ARGUMENT);
    /* no functions at all: a plain call */
    fresh();
    run_desc.functions = NULL;
    run_desc.function_count = 0;
    answers = one_call + 1;
    answer_count = 1;
    c = finish(f, LLMF_OK, "");
    assert_int_equal(seen.response.message_count, 2);
    llmf_free(f, c);
    assert_in_range(kit_used(f), before, before + 4096);
    close_all(f);
}

/* ---- failures between turns ---- */

static void a_turn_fails(void **state) {
    llmf_desc d = script_desc(&s, scripted);
    llmf_factory *f;
    llmf_call c;
    (void)state;
    d.retry.max_retries = 1;
    d.retry.jitter = -1;
    f = open_with(one_call, 2, &d);
    fresh();
    status_at = 2; /* is repeated */
    c = finish(f, LLMF_OK, "");
    assert_int_equal(s.asked, 3);
    assert_int_equal(runs, 1);
    assert_int_equal(seen.response.attempt_count, 3);
    assert_int_equal(seen.response.message_count, 4);
    llmf_free(f, c);
    llmf_close(f);
    kit_drop(&s.w.log);
    f = open_with(one_call, 2, NULL);
    fresh();
    status_at = 2;
    base.max_retries = -1;
    c = finish(f, LLMF_ERR_SERVER, "run, turn 2: ");
    assert_int_equal(seen.response.message_count, 3); /* what was said before is there to go on with */
    whole(&seen.response);
    assert_int_equal(seen.response.usage.input, 10);
    llmf_free(f, c);
    close_all(f);
}

/* Stops at event `at` from 0: by the callback's word, cancel or free inside of it; or between polls. */
typedef struct stopper {
    llmf_factory *f;
    kit_seen seen;
    int how, left;
} stopper;

static int on_event(void *user, const llmf_event *ev) {
    stopper *x = (stopper *)user;
    kit_see(&x->seen, ev);
    if (x->left-- > 0 || x->seen.finals) return LLMF_CONTINUE;
    if (x->how == 0) return LLMF_STOP;
    if (x->how == 1) llmf_cancel(x->f, ev->call);
    else llmf_free(x->f, ev->call);
    return LLMF_CONTINUE;
}

static void stopped_with(llmf_desc *d) {
    llmf_factory *f = open_with(streams, 2, d);
    size_t before = kit_used(f);
    int how, at, i, count = 0;
    for (how = 0; how < 3; how++)
        for (at = 0; at < 100; at++) {
            stopper x;
            llmf_call c;
            bool through;
            fresh();
            memset(&x, 0, sizeof x);
            x.f = f;
            x.how = how;
            x.left = at;
            base.stream = true;
            base.on_event = on_event;
            base.on_event_user = &x;
            c = start(f);
            for (i = 0; i < 200 && !x.seen.finals && f->calls; i++) script_step(&s, f);
            through = x.seen.finals && x.seen.code == LLMF_OK;
            if (how < 2) assert_int_equal(x.seen.finals, 1);
            if (how == 2 && !through) assert_int_equal(x.seen.finals, 0);
            if (x.seen.finals && !through) {
                assert_int_equal(x.seen.code, LLMF_ERR_CANCELLED);
                whole(&x.seen.response);
            }
            llmf_free(f, c);
            kit_forget(&x.seen);
            assert_int_equal(s.under_way, 0);
            assert_in_range(kit_used(f), before, before + 4096);
            count++;
            if (through) break;
        }
    printf("stopped at %d events\n", count);
    assert_true(count > 40);
    close_all(f);
}

static int passes(void *user, llmf_filter_writer *w, const llmf_event *event, bool last) {
    (void)user, (void)w, (void)event;
    return last ? LLMF_FILTER_PASS : LLMF_FILTER_HOLD;
}

/* Plainly, and where filters hand out the text at the end. */
static void stopped_at_every_event(void **state) {
    llmf_desc d = script_desc(&s, scripted);
    llmf_filter filter;
    (void)state;
    stopped_with(NULL);
    memset(&filter, 0, sizeof filter);
    filter.piece = passes;
    d.filters = &filter;
    d.filter_count = 1;
    stopped_with(&d);
}

/* Cancelled, freed, or the factory closed, after so many polls: with functions that wait, and with one that has yet to be allowed. */
static void left_at_every_moment(void **state) {
    int how, at, what;
    (void)state;
    for (what = 0; what < 2; what++)
        for (how = 0; how < 3; how++)
            for (at = 0; at < 14; at++) {
                llmf_factory *f = open_with(waits, 2, NULL);
                size_t before = kit_used(f);
                llmf_call c;
                int i;
                fresh();
                if (what) run_desc.approve = approve;
                pending_asks = 1000;
                c = start(f);
                for (i = 0; i < at; i++) {
                    kit_take(f, c, &seen);
                    script_step(&s, f);
                }
                if (how == 0) {
                    llmf_cancel(f, c);
                    kit_take(f, c, &seen);
                    told(LLMF_ERR_CANCELLED, "cancelled by the caller");
                    whole(&seen.response);
                }
                if (how < 2) {
                    llmf_free(f, c);
                    assert_int_equal(kit_used(f), before);
                }
                close_all(f);
                assert_int_equal(cancels, !what && runs ? 2 : 0);
            }
}

static int stops_itself(void *user, const llmf_tool_use *use, llmf_out *out) {
    llmf_factory *f = *(llmf_factory **)user;
    (void)out;
    runs++;
    if (runs == 1) llmf_cancel(f, use->call);
    else if (runs == 2) llmf_free(f, use->call);
    else llmf_tool_done(f, use->call, use->id, kit_str("by itself"), 0);
    return LLMF_TOOL_PENDING;
}

static void from_inside(void **state) {
    llmf_factory *f = open_with(one_call, 2, NULL);
    size_t before = kit_used(f);
    llmf_function own = functions[0];
    llmf_call c;
    int i;
    (void)state;
    fresh();
    own.run = stops_itself;
    own.user = &f;
    run_desc.functions = &own;
    run_desc.function_count = 1;
    c = finish(f, LLMF_ERR_CANCELLED, "cancelled by the caller");
    assert_int_equal(cancels, 1);
    llmf_free(f, c);
    s.asked = 0;
    kit_forget(&seen);
    c = start(f);
    for (i = 0; i < 20; i++) {
        kit_take(f, c, &seen);
        script_step(&s, f);
    }
    assert_int_equal(llmf_status(f, c, NULL), LLMF_ERR_STALE);
    assert_int_equal(cancels, 2);
    assert_int_equal(kit_used(f), before);
    s.asked = 0;
    kit_forget(&seen);
    c = finish(f, LLMF_OK, "");
    assert_string_equal(seen.response.messages[2].content, "by itself");
    llmf_free(f, c);
    assert_int_equal(kit_used(f), before);
    close_all(f);
}

static void short_of_memory(void **state) {
    uint64_t nth;
    int on;
    (void)state;
    for (on = 0; on < 2; on++) {
        bool through = false;
        for (nth = 1; !through; nth++) {
            llmf_factory *f = open_with(streams, 2, NULL);
            size_t before = kit_used(f);
            llmf_call c;
            fresh();
            base.stream = true;
            base.on_event = NULL;
            llmf_fail_memory(f, nth, on != 0);
            c = llmf_start_run(f, llmf_get(f, "fast", NULL), &run_desc);
            if (c.id) {
                assert_true(script_run(&s, f, c, &seen));
                assert_int_equal(seen.finals, 1);
                through = seen.code == LLMF_OK && f->heap.fail_at > f->heap.requests;
                if (seen.code != LLMF_OK) told(LLMF_ERR_MEMORY, "raise llmf_desc.memory_size");
                whole(&seen.response);
            }
            llmf_fail_memory(f, 0, false);
            llmf_free(f, c);
            assert_in_range(kit_used(f), before, before + 4096); /* what is kept of how models do */
            fresh();
            base.stream = true;
            llmf_free(f, finish(f, LLMF_OK, ""));
            close_all(f);
            assert_true(nth < 1000);
        }
        printf("%d allocations refused\n", (int)nth - 1);
        assert_true(nth > 20);
    }
}

/* ---- beside the rest ---- */

static int upper(void *user, llmf_filter_writer *w, const llmf_event *event, bool last) {
    char text[256];
    size_t i;
    (void)user, (void)last;
    for (i = 0; i < event->text.len && i < sizeof text; i++) text[i] = (char)(event->text.ptr[i] >= 'a' && event->text.ptr[i] <= 'z' ? event->text.ptr[i] - 32 : event->text.ptr[i]);
    llmf_filter_write(w, (llmf_str){text, i});
    return LLMF_FILTER_PASS;
}

static void filters_and_cache(void **state) {
    llmf_desc d = script_desc(&s, scripted);
    llmf_filter filter;
    llmf_factory *f;
    llmf_call c;
    int i;
    (void)state;
    memset(&filter, 0, sizeof filter);
    filter.piece = upper;
    d.filters = &filter;
    d.filter_count = 1;
    d.cache_mode = LLMF_CACHE_ON;
    f = open_with(streams, 2, &d);
    for (i = 0; i < 2; i++) {
        fresh();
        base.stream = true;
        c = finish(f, LLMF_OK, "");
        assert_int_equal(s.asked, i ? 0 : 2); /* the second time all of it was kept */
        assert_true(seen.response.cached == (i == 1));
        assert_true(kit_has(kit_cstr(&seen.text), "I LOOK.ONCE UPON"));
        assert_string_equal(seen.response.messages[1].content, "I LOOK.");
        assert_true(i ? seen.response.cost_pico == 0 : seen.response.cost_pico == (18 + 2 * 8) * INT64_C(1000000));
        llmf_free(f, c);
    }
    close_all(f);
}

static int spans;
static void on_span(void *user, const llmf_span *span) {
    (void)user;
    spans += span->attempt == 0 ? 100 : 1;
}

/* Metrics, spans and slices: one call, two attempts. */
static void seen_from_outside(void **state) {
    static char page[1 << 16];
    llmf_desc d = script_desc(&s, scripted);
    llmf_factory *f;
    (void)state;
    d.metrics = true;
    d.span = on_span;
    d.slice_us = 1;
    f = open_with(two_calls, 2, &d);
    fresh();
    spans = 0;
    s.w.step = 2000; /* each look at the clock is more than the slice */
    llmf_free(f, finish(f, LLMF_OK, ""));
    assert_int_equal(runs, 2);
    assert_int_equal(spans, 102);
    assert_true(llmf_metrics(f, page, sizeof page) < sizeof page);
    assert_true(kit_has(page, "llm_requests_total{provider=\"p\",model=\"fast-1\",operation=\"chat\",status=\"ok\"} 1\n"));
    assert_true(kit_has(page, "llm_attempts_total{provider=\"p\",model=\"fast-1\",error=\"none\"} 2\n"));
    close_all(f);
}

/* Several at once, taken by llmf_next_any, their functions answered in a later frame. */
static void many_at_once(void **state) {
    enum { MANY = 20 };
    llmf_factory *f = open_with(endless, 1, NULL);
    size_t before = kit_used(f);
    llmf_call c[MANY];
    int i, finals = 0;
    (void)state;
    fresh();
    run_desc.max_turns = 3;
    for (i = 0; i < MANY; i++) c[i] = start(f);
    for (i = 0; i < 2000 && finals < MANY; i++) {
        llmf_event ev;
        script_step(&s, f);
        while (llmf_next_any(f, &ev))
            if (ev.type == LLMF_EVENT_ERROR) {
                assert_int_equal(ev.response->error.code, LLMF_ERR_LIMIT);
                finals++;
            }
    }
    assert_int_equal(finals, MANY);
    assert_int_equal(runs, MANY * 2);
    for (i = 0; i < MANY; i++) llmf_free(f, c[i]);
    assert_in_range(kit_used(f), before, before + 4096);
    close_all(f);
}

/* ---- chance ---- */

static uint64_t chance_state;
static llmf_tool_use waiting[64];            /* functions that said "not yet" */
static int waiting_count;

static int chance(int n) {
    return (int)(kit_random(&chance_state) % (uint64_t)n);
}

/* A story, or up to five calls of functions that exist or not, with arguments that are good or not. */
static script_reply by_chance(script *x, const llmf_http_request *req, int n) {
    static const char *const names[] = {"add", "echo", "later", "nope", ""};
    static const char *const args[] = {"{}", "{\\\"a\\\":1,\\\"b\\\":2}", "[", "", "null", "{\\\"text\\\":\\\"\\\\u00e9\\\"}", "7"};
    static char body[4096];
    kit_text t;
    script_reply r;
    int i, calls = chance(4) ? 1 + chance(5) : 0;
    (void)x, (void)req, (void)n;
    memset(&t, 0, sizeof t);
    memset(&r, 0, sizeof r);
    for (i = 0; i < calls; i++)
        kit_addf(&t, "%s{\"id\":\"%s%d\",\"type\":\"function\",\"function\":{\"name\":\"%s\",\"arguments\":\"%s\"}}", i ? "," : "", chance(3) ? "c" : "same", chance(3) ? i : 0,
            names[chance(5)], args[chance(7)]);
    snprintf(body, sizeof body, "{\"id\":\"a\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":%s%s%s%s},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1}}",
        chance(2) ? "\"text\"" : calls ? "null" : "\"x\"", calls ? ",\"tool_calls\":[" : "", kit_cstr(&t), calls ? "]" : "");
    kit_drop(&t);
    r.delay_ms = chance(30);
    r.status = chance(20) ? 200 : 500;
    r.body = body;
    if (!chance(30)) r.cut = 40;
    return r;
}

static int any_word(void *user, const llmf_tool_use *use, llmf_out *out) {
    static const int words[] = {LLMF_TOOL_OK, LLMF_TOOL_OK, LLMF_TOOL_PENDING, LLMF_TOOL_ERROR, LLMF_TOOL_REFUSE, LLMF_TOOL_OK, LLMF_TOOL_PENDING};
    int word = chance(60) ? words[chance(7)] : LLMF_TOOL_STOP;
    (void)user;
    runs++;
    assert_true(use->arguments.ptr[use->arguments.len] == '\0' && use->name.ptr[use->name.len] == '\0');
    if (chance(3)) llmf_out_write(out, "\xff\xc3\xa9", (size_t)chance(4));
    if (word == LLMF_TOOL_PENDING && waiting_count < 64) waiting[waiting_count++] = *use;
    return word;
}

static int any_leave(void *user, const llmf_tool_use *use, llmf_out *out) {
    (void)user, (void)use, (void)out;
    asked++;
    return chance(3) ? LLMF_TOOL_OK : chance(40) ? LLMF_TOOL_REFUSE - chance(2) : LLMF_TOOL_STOP;
}

static void by_all_means(void **state) {
    enum { RUNS = 3000 };
    int n, i, codes[LLMF_ERR_ALL_FAILED + 1] = {0}, freed = 0, answered = 0;
    llmf_desc d = script_desc(&s, by_chance);
    llmf_factory *f;
    size_t before;
    llmf_function own[3];
    (void)state;
    f = open_with(one_call, 2, &d);
    s.answer = by_chance;
    before = kit_used(f);
    memcpy(own, functions, sizeof own);
    own[0].run = own[1].run = any_word;
    own[0].timeout_ms = 40;
    for (n = 0; n < RUNS; n++) {
        llmf_call c;
        chance_state = (uint64_t)n * 7919 + 1;
        fresh();
        waiting_count = 0;
        run_desc.functions = own;
        run_desc.function_count = 3;
        run_desc.max_turns = 1 + chance(6);
        if (!chance(3)) run_desc.max_tool_calls = 1 + chance(9);
        if (!chance(3)) run_desc.approve = any_leave;
        base.timeouts.total_ms = chance(3) ? 5000 : 60;
        c = start(f);
        for (i = 0; i < 5000 && !seen.finals; i++) {
            if (chance(4)) kit_take(f, c, &seen);
            script_step(&s, f);
            if (waiting_count && !chance(4)) answered += llmf_tool_done(f, c, waiting[chance(waiting_count)].id, kit_str("late"), chance(2)) == LLMF_OK;
            if (!chance(300)) llmf_cancel(f, c);
            if (!chance(400)) break; /* freed as it is */
        }
        if (seen.finals) {
            assert_in_range(seen.code, 0, LLMF_ERR_ALL_FAILED);
            codes[seen.code]++;
            whole(&seen.response);
        } else {
            freed++;
        }
        llmf_free(f, c);
        assert_int_equal(s.under_way, 0);
        if (kit_used(f) > before + 4096) fail_msg("run %d has left %d bytes", n, (int)(kit_used(f) - before));
    }
    printf("%d runs by chance: %d well, %d timeouts, %d limits, %d cancelled, %d freed on their way; %d answers in a later frame\n", RUNS, codes[LLMF_OK], codes[LLMF_ERR_TIMEOUT], codes[LLMF_ERR_LIMIT],
        codes[LLMF_ERR_CANCELLED], freed, answered);
    assert_true(codes[LLMF_OK] > 100 && codes[LLMF_ERR_TIMEOUT] > 100 && codes[LLMF_ERR_LIMIT] > 100 && codes[LLMF_ERR_CANCELLED] > 100 && freed > 10 && answered > 100);
    close_all(f);
}

/* ---- every dialect ---- */

typedef struct side {
    const char *name;
    bool thinks;                   /* its own words must come back: the server refuses it without them */
    bool text_arguments;           /* they may be no JSON */
} side;

static const side sides[] = {
    {"openai:gpt-4o", false, true},
    {"openai_responses:gpt-5.6-terra", true, true},
    {"anthropic:claude-sonnet-5", true, false},
    {"gemini:gemini-3.5-flash", true, false},
    {"bedrock:anthropic.claude-sonnet-5", true, false},
    {"cohere:command-a-03-2025", false, true},
    {"ollama:llama3.2", false, false},
    {"deepseek:deepseek-v4-pro", true, true},
    {"mistral:mistral-large-latest", false, true},
    {"huggingface:openai/gpt-oss-120b", false, true},
    {"bedrock:zai.glm-4.7", false, false},
    {"groq:llama-3.3-70b-versatile", false, true},
    {"azure:gpt-4o-dep", false, true},
};

typedef struct place {
    char city[64];
} place;
static const llmf_field place_fields[] = {LLMF_FIELD(place, city, STRING), {NULL, 0, 0, 0, 0, 0, 0, NULL, NULL}};

static int weather(void *user, const llmf_tool_use *use, llmf_out *out) {
    place p = {""};
    const char *city = p.city;
    llmf_json_stream into;
    memset(&into, 0, sizeof into);
    into.fields = place_fields;
    into.to = &p;
    (void)user;
    runs++;
    if (llmf_json_feed(&into, use->arguments) != 1 || !p.city[0]) { /* the arguments straight into a struct */
        llmf_out_write(out, "which city?", 11);
        return LLMF_TOOL_ERROR;
    }
    if (strcmp(city, "again") == 0) llmf_out_write(out, "call weather {\"city\":\"again\"}", 29);
    else if (strcmp(city, "on") == 0) llmf_out_write(out, "call weather {\"city\":\"there\"}; clock", 36);
    else llmf_out_write(out, "rain in ", 8), llmf_out_write(out, city, strlen(city));
    return LLMF_TOOL_OK;
}

static int clock_says(void *user, const llmf_tool_use *use, llmf_out *out) {
    (void)user, (void)use;
    runs++;
    llmf_out_write(out, "noon", 4);
    return LLMF_TOOL_OK;
}

static const llmf_function talk_functions[] = {
    {{"weather", "the weather of a city", "{\"type\":\"object\",\"properties\":{\"city\":{\"type\":\"string\"}}}", false}, weather, NULL, NULL, 0},
    {{"clock", NULL, NULL, false}, clock_says, NULL, NULL, 0},
};

static const struct {
    const char *prompt, *answer;   /* answer: a part of it */
    int turns, runs, code;
    bool text_arguments;
} talks[] = {
    {"call weather {\"city\":\"Malm\xc3\xb6\"}", "rain in Malm\xc3\xb6", 2, 1, LLMF_OK, false},
    {"call weather {\"city\":\"Malm\xc3\xb6\"}; clock; weather {\"city\":\"Lund\"}", "rain in Lund", 2, 3, LLMF_OK, false},
    {"call weather {\"town\":1}; clock", "error: which city?", 2, 2, LLMF_OK, false},
    {"call nope {\"a\":1}", "error: there is no function nope; there are: weather, clock", 2, 0, LLMF_OK, false},
    {"call weather !{\"city\": \"Ma", "error: the arguments are no JSON object", 2, 0, LLMF_OK, true},
    {"call weather {\"city\":\"on\"}", "noon", 3, 3, LLMF_OK, false},
    {"call weather {\"city\":\"again\"}", "", 4, 3, LLMF_ERR_LIMIT, false},
    {"echo: no function", "echo: no function", 1, 0, LLMF_OK, false},
};

static llmf_factory *open_loopback(kit_world *w) {
    llmf_desc d = kit_desc(w);
    llmf_error err;
    llmf_factory *f;
    d.clock_ns = NULL;
    d.base_url = the_server.base;
    d.api_key = "sk-run-0123456789";
    d.transport = "socket";
    d.log = NULL;
    f = llmf_open(&d, &err);
    if (!f) fail_msg("%s", err.text);
    return f;
}

static void talk_request(const side *a, const char *prompt, bool stream, llmf_request *r, llmf_run_desc *d) {
    memset(r, 0, sizeof *r);
    memset(d, 0, sizeof *d);
    r->prompt = prompt;
    r->stream = stream;
    if (a->thinks) r->reasoning = "low";
    d->request = r;
    d->functions = talk_functions;
    d->function_count = KIT_COUNT(talk_functions);
    d->max_turns = 4;
    runs = 0;
}

static void each_dialect(void **state) {
    kit_world w;
    llmf_factory *f;
    size_t a, t, before;
    int stream, count = 0;
    (void)state;
    if (!the_server.pid) skip();
    f = open_loopback(&w);
    for (a = 0; a < KIT_COUNT(sides); a++)
        for (t = 0; t < KIT_COUNT(talks); t++)
            for (stream = 0; stream < 2; stream++) {
                llmf_request r;
                llmf_run_desc d;
                llmf_error err;
                llmf_model m = llmf_get(f, sides[a].name, &err);
                llmf_call c;
                if (!m.id) fail_msg("%s", err.text);
                if (talks[t].text_arguments && !sides[a].text_arguments) continue;
                before = kit_used(f);
                talk_request(&sides[a], talks[t].prompt, stream != 0, &r, &d);
                c = llmf_start_run(f, m, &d);
                kit_forget(&seen);
                assert_true(kit_run(f, c, &seen, 20));
                if (seen.code != talks[t].code) fail_msg("%s, %s: %s", sides[a].name, talks[t].prompt, seen.error);
                if (!kit_has(kit_cstr(&seen.text), talks[t].answer)) fail_msg("%s, %s: %s", sides[a].name, talks[t].prompt, kit_cstr(&seen.text));
                assert_int_equal(seen.response.attempt_total, talks[t].turns);
                assert_int_equal(runs, talks[t].runs);
                if (!(stream && strncmp(sides[a].name, "mistral", 7) == 0)) /* whose stand-in tells none in streams */
                    if (seen.response.usage.input <= 0 || seen.response.usage.output <= 0) fail_msg("%s: no usage", sides[a].name);
                whole(&seen.response);
                if (sides[a].thinks && seen.response.messages[1].tool_call_count) assert_true(seen.response.messages[1].state.len || seen.response.messages[1].reasoning.len);
                llmf_free(f, c);
                if (t || stream) assert_true(kit_used(f) <= before + 4096);
                count++;
            }
    printf("%d runs in %d dialects and hosts\n", count, (int)KIT_COUNT(sides));
    llmf_close(f);
    kit_forget(&seen);
    kit_drop(&w.log);
}

/* Cancelled at each event of a run of three turns, in each dialect. */
static void each_dialect_cancelled(void **state) {
    kit_world w;
    llmf_factory *f;
    size_t a;
    int at, count = 0;
    (void)state;
    if (!the_server.pid) skip();
    f = open_loopback(&w);
    for (a = 0; a < KIT_COUNT(sides); a++)
        for (at = 0;; at++) {
            llmf_request r;
            llmf_run_desc d;
            llmf_event ev;
            llmf_model m = llmf_get(f, sides[a].name, NULL);
            llmf_call c;
            size_t before = kit_used(f);
            int n = 0;
            kit_forget(&seen);
            talk_request(&sides[a], "call weather {\"city\":\"on\"}", true, &r, &d);
            c = llmf_start_run(f, m, &d);
            while (!seen.finals) {
                llmf_poll(f, 100);
                while (!seen.finals && llmf_next(f, c, &ev)) {
                    kit_see(&seen, &ev);
                    if (n++ == at && !seen.finals) llmf_cancel(f, c);
                }
            }
            if (seen.code != LLMF_OK) assert_int_equal(seen.code, LLMF_ERR_CANCELLED);
            whole(&seen.response);
            llmf_free(f, c);
            assert_true(kit_used(f) <= before + 4096);
            count++;
            if (seen.code == LLMF_OK) break;
            assert_true(at < 200);
        }
    printf("cancelled %d times in %d dialects and hosts\n", count, (int)KIT_COUNT(sides));
    assert_true(count > 100);
    llmf_close(f);
    kit_forget(&seen);
    kit_drop(&w.log);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_function),
        cmocka_unit_test(other_faces),
        cmocka_unit_test(streams_all),
        cmocka_unit_test(ids_are_made),
        cmocka_unit_test(errors_are_told),
        cmocka_unit_test(results_are_cut_and_cleaned),
        cmocka_unit_test(approval),
        cmocka_unit_test(pending),
        cmocka_unit_test(pending_times),
        cmocka_unit_test(limits),
        cmocka_unit_test(a_choice),
        cmocka_unit_test(wrong_from_the_start),
        cmocka_unit_test(a_turn_fails),
        cmocka_unit_test(stopped_at_every_event),
        cmocka_unit_test(left_at_every_moment),
        cmocka_unit_test(from_inside),
        cmocka_unit_test(short_of_memory),
        cmocka_unit_test(filters_and_cache),
        cmocka_unit_test(seen_from_outside),
        cmocka_unit_test(many_at_once),
        cmocka_unit_test(by_all_means),
        cmocka_unit_test(each_dialect),
        cmocka_unit_test(each_dialect_cancelled),
    };
    int failed;
    server_start(&the_server);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    server_stop(&the_server);
    return failed;
}
