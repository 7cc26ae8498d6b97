/* Chains of prompts: what is sent at each step and what is seen of it; each step failing; cancelled, freed and short of memory at every point; sums; a reload in the
   middle. The world is script.h's: a clock that moves from one thing that happens to the next. */
#include "script.h"

static script s;
static kit_seen seen;

#define ANSWER(text, in, out) "{\"id\":\"a\",\"object\":\"chat.completion\",\"model\":\"m-1\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":" text \
    "},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":" #in ",\"completion_tokens\":" #out ",\"prompt_tokens_details\":{\"cached_tokens\":0}," \
    "\"completion_tokens_details\":{\"reasoning_tokens\":0}}}"
#define FACTS "{\\\"title\\\":\\\"A \\\\\\\"t\\\\\\\"\\\",\\\"items\\\":[1,2]}"

#define CONFIG \
    "providers:\n  p: {dialect: openai, base_url: 'http://a.test/v1', auth: none}\n" \
    "models:\n" \
    "  fast: {provider: p, model_id: fast-1, input_token_cost_usd_per_million: 1, output_token_cost_usd_per_million: 2}\n" \
    "  smart: {provider: p, model_id: smart-1, input_token_cost_usd_per_million: 10, output_token_cost_usd_per_million: 20}\n" \
    "prompts:\n" \
    "  extract: {system: 'Give JSON.', user: 'Facts of: {{text}}', model: fast, format: json, temperature: 0}\n" \
    "  write: 'Write {{lang:English}} about {{facts.title}}, {{facts.items.1}}, {{facts|json}}'\n" \
    "  polish: 'Polish: {{previous}}'\n" \
    "chains:\n" \
    "  report:\n" \
    "    - {prompt: extract, parse: json, as: facts}\n" \
    "    - {prompt: write, model: smart}\n" \
    "  long: {steps: [{prompt: extract, parse: json, as: facts}, {prompt: write, model: smart}, {prompt: polish, model: fast}]}\n" \
    "  lines: [{text: 'List {{text}}', model: fast, parse: lines, as: l}, {text: 'Second: {{l.1}} of {{previous}}', model: fast}]\n" \
    "default_model: fast\n"

static char bodies[64][4096];                /* of the requests, in order */
static const char *const *answers;           /* of the steps; the last for ever */
static int answer_count, status_at, status;  /* the request (from 1) that is answered with that status */

static script_reply scripted(script *x, const llmf_http_request *req, int n) {
    script_reply r;
    (void)req;
    memset(&r, 0, sizeof r);
    if (n <= 64) snprintf(bodies[n - 1], sizeof bodies[0], "%s", x->body);
    r.delay_ms = 10;
    r.status = n == status_at ? status : 200;
    r.body = n == status_at ? "{\"error\":{\"message\":\"no\",\"type\":\"t\",\"code\":\"c\"}}" : answers[(n <= answer_count ? n : answer_count) - 1];
    r.piece_ms = strncmp(r.body, "data:", 5) == 0;
    return r;
}

static const char plain_once[] = ANSWER("\"Once\"", 50, 5), plain_twice[] = ANSWER("\"Twice\"", 7, 3);
static const char *const plain[] = {ANSWER("\"Here: ```json\\n" FACTS "\\n```\"", 100, 10), ANSWER("\"Once\"", 50, 5), ANSWER("\"Twice\"", 7, 3)};
static const char *const streams[] = {
    KIT_CHUNK("{\"content\":\"{\\\"title\\\":\"}") KIT_CHUNK("{\"content\":\"\\\"T\\\",\\\"items\\\":[1,2]}\"}") KIT_FINISH("stop") KIT_USAGE KIT_DONE, KIT_STORY, KIT_TOOLS};

static llmf_factory *open_with(const char *config, const char *const *list, int count, llmf_desc *d) {
    llmf_desc own;
    llmf_error err;
    llmf_factory *f;
    own = script_desc(&s, scripted);
    if (d) {
        d->custom_transport = own.custom_transport;
        own = *d;
    }
    own.no_env = true;
    own.config_text = config;
    answers = list;
    answer_count = count;
    status_at = 0;
    f = llmf_open(&own, &err);
    if (!f) fail_msg("%s", err.text);
    kit_forget(&seen);
    return f;
}

static void close_all(llmf_factory *f) {
    llmf_close(f);
    assert_int_equal(s.under_way, 0);
    kit_drop(&s.w.log);
    kit_forget(&seen);
}

static llmf_var var(const char *name, const char *value) {
    llmf_var v;
    v.name = name;
    v.value = kit_str(value);
    return v;
}

static llmf_call start(llmf_factory *f, const char *name, const llmf_request *with) {
    llmf_var v = var("text", "some \"text\" {{lang}}");
    llmf_chain ch;
    memset(&ch, 0, sizeof ch);
    ch.name = name;
    ch.vars = &v;
    ch.var_count = 1;
    ch.request = with;
    return llmf_start_chain(f, &ch);
}

static void run(llmf_factory *f, llmf_call c) {
    assert_true(c.id != 0);
    assert_true(script_run(&s, f, c, &seen));
    assert_int_equal(seen.finals, 1);
}

/* Until *finals is not 0, or nothing is left to do. */
static bool idle(llmf_factory *f, const int *finals) {
    int i;
    for (i = 0; i < 10000 && !*finals && f->calls; i++) script_step(&s, f);
    return *finals != 0;
}

static void sent(int n, const char *part) {
    if (!kit_has(bodies[n - 1], part)) fail_msg("request %d lacks %s: %s", n, part, bodies[n - 1]);
}

static void told(int code, const char *part) {
    if (seen.code != code || !kit_has(seen.error, part)) fail_msg("%d, not %d: %s", seen.code, code, seen.error);
}

/* ---- as it should be ---- */

static void a_chain(void **state) {
    llmf_factory *f = open_with(CONFIG, plain, 3, NULL);
    size_t before = kit_used(f);
    llmf_call c;
    (void)state;
    (void)llmf_get(f, "fast", NULL); /* handles stay */
    (void)llmf_get(f, "smart", NULL);
    before = kit_used(f);
    c = start(f, "report", NULL);
    run(f, c);
    told(LLMF_OK, "");
    assert_int_equal(s.asked, 2);
    sent(1, "\"model\":\"fast-1\"");
    sent(1, "Facts of: some \\\"text\\\" {{lang}}"); /* a value is no template */
    sent(1, "Give JSON.");
    sent(1, "\"json_object\"");
    sent(1, "\"temperature\":0");
    sent(2, "\"model\":\"smart-1\"");
    sent(2, "Write English about A \\\"t\\\", 2, {\\\"title\\\":\\\"A \\\\\\\"t\\\\\\\"\\\",\\\"items\\\":[1,2]}");
    assert_true(kit_is(seen.response.text, "Once"));
    assert_int_equal(seen.response.usage.input, 150);
    assert_int_equal(seen.response.usage.output, 15);
    assert_int_equal(seen.response.usage.cache_read, 0);
    assert_true(seen.response.cost_pico == (100 + 2 * 10) * INT64_C(1000000) + (50 * 10 + 5 * 20) * INT64_C(1000000));
    assert_int_equal(seen.response.attempt_count, 2);
    assert_int_equal(seen.response.attempt_total, 2);
    assert_true(kit_is(seen.response.attempts[0].model, "fast") && kit_is(seen.response.attempts[1].model, "smart"));
    assert_true(kit_is(seen.response.model, "smart"));
    assert_int_equal(seen.response.latency_ms, 20);
    assert_string_equal(kit_cstr(&seen.log), "step 0 {\"title\":\"A \\\"t\\\"\",\"items\":[1,2]}\ntext Once\nusage\n");
    llmf_free(f, c);
    assert_int_equal(kit_used(f), before);
    close_all(f);
}

/* Only the last step's events are seen, as they come; a callback sees the same. */
static void streams_the_last(void **state) {
    llmf_factory *f = open_with(CONFIG, streams, 2, NULL);
    llmf_request req;
    kit_seen other;
    llmf_call c;
    (void)state;
    memset(&req, 0, sizeof req);
    memset(&other, 0, sizeof other);
    req.stream = true;
    c = start(f, "report", &req);
    run(f, c);
    told(LLMF_OK, "");
    assert_string_equal(kit_cstr(&seen.text), KIT_STORY_TEXT);
    assert_true(kit_is(seen.response.text, KIT_STORY_TEXT));
    assert_true(strncmp(kit_cstr(&seen.log), "step 0 {\"title\":\"T\",\"items\":[1,2]}\ntext Once\ntext  upon\n", 53) == 0);
    assert_int_equal(seen.response.usage.input, 18);
    llmf_free(f, c);
    req.on_event = kit_on_event;
    req.on_event_user = &other;
    s.asked = 0;
    c = start(f, "report", &req);
    assert_true(idle(f, &other.finals));
    assert_int_equal(other.finals, 1);
    assert_string_equal(kit_cstr(&other.log), kit_cstr(&seen.log));
    kit_forget(&other);
    close_all(f);
}

static void three_steps_and_tools_at_the_end(void **state) {
    llmf_factory *f = open_with(CONFIG, streams, 3, NULL);
    llmf_request req;
    (void)state;
    memset(&req, 0, sizeof req);
    req.stream = true;
    run(f, start(f, "long", &req));
    told(LLMF_OK, "");
    assert_int_equal(s.asked, 3);
    sent(3, "Polish: " "Once upon a time");
    assert_int_equal(seen.response.tool_call_count, 2);
    assert_int_equal(seen.response.attempt_count, 3);
    assert_int_equal(seen.finish, LLMF_FINISH_TOOL_CALLS);
    close_all(f);
}

static void lines(void **state) {
    static const char *const list[] = {ANSWER("\"- one\\n\\n 2. two \\\"x\\\"\\r\\n3) three\\n*four\\n\"", 1, 1), ANSWER("\"ok\"", 1, 1)};
    llmf_factory *f = open_with(CONFIG, list, 2, NULL);
    (void)state;
    run(f, start(f, "lines", NULL));
    told(LLMF_OK, "");
    sent(2, "Second: two \\\"x\\\" of [\\\"one\\\",\\\"two \\\\\\\"x\\\\\\\"\\\",\\\"three\\\",\\\"*four\\\"]");
    close_all(f);
}

/* Steps in code; what is given may be gone when the call goes on. */
static void in_code(void **state) {
    llmf_factory *f = open_with(CONFIG, plain, 3, NULL);
    llmf_step steps[2];
    llmf_request one, two, all;
    llmf_message m[2];
    llmf_chain ch;
    llmf_var v[2];
    llmf_call c;
    char text[32];
    (void)state;
    memset(steps, 0, sizeof steps);
    memset(&one, 0, sizeof one);
    memset(&two, 0, sizeof two);
    memset(&all, 0, sizeof all);
    memset(m, 0, sizeof m);
    memset(&ch, 0, sizeof ch);
    snprintf(text, sizeof text, "Extract {{x}}");
    one.prompt = text;
    one.max_tokens = 11;
    m[0].role = LLMF_SYSTEM;
    m[0].content = "Be {{how:brief}}.";
    m[1].content = "{{previous}}|{{f.title|xml}}|{{x}}";
    two.messages = m;
    two.message_count = 2;
    all.max_tokens = 22;
    all.user = "me";
    steps[0].request = &one;
    steps[0].parse = "json";
    steps[0].as = "f";
    steps[0].model = "fast";
    steps[1].request = &two;
    v[0] = var("x", "<1>");
    v[1] = var("x", "never");
    ch.steps = steps;
    ch.step_count = 2;
    ch.vars = v;
    ch.var_count = 2;
    ch.request = &all;
    c = llmf_start_chain(f, &ch);
    memset(text, 'x', sizeof text - 1);
    memset(m, 0xff, sizeof m);
    memset(&one, 0xff, sizeof one);
    memset(&two, 0xff, sizeof two);
    memset(steps, 0xff, sizeof steps);
    memset(v, 0xff, sizeof v);
    run(f, c);
    told(LLMF_OK, "");
    sent(1, "Extract <1>");
    sent(1, ":11");
    sent(2, "Be brief.");
    sent(2, "|A &quot;t&quot;|<1>");
    sent(2, ":22");
    sent(2, "\"me\"");
    close_all(f);
}

/* ---- what is wrong ---- */

static void wrong_from_the_start(void **state) {
    llmf_factory *f = open_with(CONFIG, plain, 3, NULL);
    llmf_step steps[LLMF_MAX_CHAIN + 1];
    llmf_request req, texts;
    llmf_chain ch;
    llmf_error err;
    size_t i;
    (void)state;
    memset(steps, 0, sizeof steps);
    memset(&req, 0, sizeof req);
    memset(&ch, 0, sizeof ch);
    texts = req;
    texts.prompt = "{{y}}";
#define WRONG(code, part) kit_forget(&seen); run(f, llmf_start_chain(f, &ch)); told(code, part)
    WRONG(LLMF_ERR_ARGUMENT, "neither name nor steps");
    ch.name = "repotr";
    WRONG(LLMF_ERR_ARGUMENT, "unknown chain repotr; did you mean report?");
    ch.name = "report";
    WRONG(LLMF_ERR_ARGUMENT, "chain report, step 1 (extract): prompt extract, user (config_text:7:41), line 1, column 11 of the text: the variable text is missing");
    assert_int_equal(seen.response.error.line, 7);
    ch.step_count = 1;
    WRONG(LLMF_ERR_ARGUMENT, "both name and steps");
    ch.name = NULL;
    WRONG(LLMF_ERR_ARGUMENT, "steps is NULL");
    ch.steps = steps;
    WRONG(LLMF_ERR_ARGUMENT, "chain step 1: llmf_step has neither prompt nor a request");
    steps[0].prompt = "exract";
    WRONG(LLMF_ERR_ARGUMENT, "unknown prompt exract; did you mean extract?");
    steps[0].prompt = NULL;
    steps[0].request = &texts;
    WRONG(LLMF_ERR_ARGUMENT, "chain step 1: llmf_request.prompt, line 1, column 1 of the text: the variable y is missing; give it, or write {{y:default}}");
    texts.prompt = "a\n b {{a b}}";
    WRONG(LLMF_ERR_ARGUMENT, "line 2, column 4 of the text: {{...}} must be");
    texts.prompt = "{{previous}}"; /* the first has none */
    WRONG(LLMF_ERR_ARGUMENT, "the variable previous is missing");
    texts.prompt = "x";
    steps[0].parse = "yaml";
    WRONG(LLMF_ERR_ARGUMENT, "parse must be text, json or lines, not yaml");
    steps[0].parse = NULL;
    steps[0].as = "1a";
    WRONG(LLMF_ERR_ARGUMENT, "llmf_step.as must be a name");
    steps[0].as = "previous";
    WRONG(LLMF_ERR_ARGUMENT, "llmf_step.as must be a name");
    steps[0].as = "a";
    steps[0].model = "fats";
    WRONG(LLMF_ERR_UNKNOWN_MODEL, "did you mean fast?");
    steps[0].model = "fast";
    steps[1] = steps[0];
    ch.step_count = 2;
    WRONG(LLMF_ERR_ARGUMENT, "step 2: llmf_step.as is the name of an earlier step");
    ch.step_count = LLMF_MAX_CHAIN + 1;
    WRONG(LLMF_ERR_LIMIT, "LLMF_MAX_CHAIN");
    ch.step_count = 1;
    ch.var_count = 1;
    WRONG(LLMF_ERR_ARGUMENT, "vars is NULL");
    ch.var_count = 0;
    ch.request = &req;
    req.prompt = "x";
    WRONG(LLMF_ERR_ARGUMENT, "must be a chat without texts");
    req.prompt = NULL;
    req.op = LLMF_OP_EMBED;
    WRONG(LLMF_ERR_ARGUMENT, "must be a chat without texts");
    req.op = LLMF_OP_CHAT;
    req.max_tokens = -1;
    WRONG(LLMF_ERR_ARGUMENT, "llmf_request.max_tokens");
    assert_int_equal(s.asked, 0); /* nothing was sent */
    assert_int_equal(llmf_start_chain(f, NULL).id, 0);
    llmf_last_error(f, &err);
    assert_int_equal(err.code, LLMF_ERR_ARGUMENT);
    req.max_tokens = 0;
    ch.step_count = LLMF_MAX_CHAIN; /* as many as may be */
    for (i = 0; i < LLMF_MAX_CHAIN; i++) {
        steps[i] = steps[0];
        steps[i].as = NULL;
    }
    WRONG(LLMF_OK, "");
    assert_int_equal(s.asked, LLMF_MAX_CHAIN);
    assert_int_equal(seen.response.attempt_count, LLMF_MAX_ATTEMPTS);
    assert_int_equal(seen.response.attempt_total, LLMF_MAX_CHAIN);
    close_all(f);
}

static void each_step_fails(void **state) {
    int n;
    (void)state;
    for (n = 1; n <= 3; n++) {
        static const char *const names[] = {"chain long, step 1 (extract): ", "chain long, step 2 (write): ", "chain long, step 3 (polish): "};
        llmf_desc d = script_desc(&s, scripted);
        llmf_factory *f;
        llmf_call c;
        size_t before;
        d.retry.max_retries = -1;
        f = open_with(CONFIG, plain, 3, &d);
        (void)llmf_get(f, "fast", NULL);
        (void)llmf_get(f, "smart", NULL);
        before = kit_used(f);
        status_at = n;
        status = 500;
        c = start(f, "long", NULL);
        run(f, c);
        told(LLMF_ERR_SERVER, names[n - 1]);
        assert_int_equal(seen.response.error.http_status, 500);
        assert_int_equal(s.asked, n);
        assert_int_equal(seen.response.attempt_count, n);
        assert_int_equal(seen.response.attempts[n - 1].error, LLMF_ERR_SERVER);
        if (n == 1) assert_int_equal(seen.response.usage.input, LLMF_UNKNOWN);
        else assert_int_equal(seen.response.usage.input, n == 2 ? 100 : 150);
        assert_int_equal(seen.response.text.len, 0);
        llmf_free(f, c);
        assert_int_equal(kit_used(f), before);
        close_all(f);
    }
}

/* A step that is repeated, or goes to another model, is one of the chain all the same. */
static void a_step_is_repeated(void **state) {
    llmf_desc d = script_desc(&s, scripted);
    llmf_factory *f;
    (void)state;
    d.retry.max_retries = 2;
    f = open_with(CONFIG, plain, 1, &d);
    answers = (const char *const[]){plain[0], plain[1], plain[1], plain[2]};
    answer_count = 4;
    status_at = 2;
    status = 503;
    run(f, start(f, "long", NULL));
    told(LLMF_OK, "");
    assert_int_equal(s.asked, 4);
    assert_string_equal(bodies[1], bodies[2]);
    assert_int_equal(seen.response.attempt_count, 4);
    assert_int_equal(seen.response.attempts[1].error, LLMF_ERR_OVERLOADED);
    assert_true(kit_is(seen.response.text, "Twice"));
    close_all(f);
}

/* A step's model may be a route, and may fall back to another one; the step behind it asks its own again. */
static void routes_and_fallbacks(void **state) {
    static const char config[] = "providers:\n  p: {dialect: openai, base_url: 'http://a.test/v1', auth: none}\n"
        "models:\n  a: {provider: p, model_id: a-1, fallbacks: [b]}\n  b: {provider: p, model_id: b-1}\nroutes: {r: {rule: quality, candidates: [{model: a, quality: 0.9}, {model: b, quality: 0.1}]}}\n"
        "chains: {c: [{text: one, model: r}, {text: 'two {{previous}}', model: b}, {text: 'three {{previous}}', model: a}]}\n";
    static const char *const list[] = {plain_once, plain_once, plain_twice};
    llmf_desc d = script_desc(&s, scripted);
    llmf_factory *f;
    (void)state;
    d.retry.max_retries = -1;
    f = open_with(config, list, 3, &d);
    status_at = 1;
    status = 400;
    run(f, start(f, "c", NULL));
    told(LLMF_OK, "");
    assert_int_equal(s.asked, 4);
    sent(1, "a-1");
    sent(2, "b-1");
    sent(3, "two Once");
    sent(4, "a-1");
    sent(4, "three Twice");
    assert_int_equal(seen.response.attempt_count, 4);
    assert_true(kit_is(seen.response.attempts[0].model, "a") && kit_is(seen.response.attempts[1].model, "b") && kit_is(seen.response.attempts[3].model, "a"));
    close_all(f);
}

static void no_json(void **state) {
    static const char *const texts[] = {"\"no {x} at all\"", "\"\"", "\"{\\\"a\\\":1\"", "\"```json\\n{\\n```\""};
    static const char *const good[] = {"\"true\"", "\" [1] \"", "\"Sure! {\\\"a\\\":{\\\"b\\\":[1]}} Bye.\"", "\"```\\n[1,2]\\n```\\nand {\"", "\"It is [1,{}] so\"", "\"```json\\n{\\\"a\\\":1}\""};
    char body[512];
    const char *list[2];
    size_t i;
    (void)state;
    list[0] = body;
    list[1] = plain[1];
    for (i = 0; i < KIT_COUNT(texts) + KIT_COUNT(good); i++) {
        bool bad = i < KIT_COUNT(texts);
        llmf_factory *f = open_with("providers:\n  p: {dialect: openai, base_url: 'http://a.test/v1', auth: none}\nmodels: {m: {provider: p, model_id: m}}\n"
                                    "chains: {c: [{text: a, model: m, parse: json}, {text: '{{previous}}', model: m, parse: json}]}\n", list, 2, NULL);
        snprintf(body, sizeof body, "{\"choices\":[{\"message\":{\"content\":%s},\"finish_reason\":\"stop\"}]}", bad ? texts[i] : good[i - KIT_COUNT(texts)]);
        run(f, start(f, "c", NULL));
        told(LLMF_ERR_SCHEMA, bad ? "chain c, step 1: the answer holds no JSON value" : "chain c, step 2: the answer holds no JSON value");
        assert_int_equal(s.asked, bad ? 1 : 2);
        if (!bad) assert_true(kit_is(seen.response.text, "Once")); /* the answer is kept */
        close_all(f);
    }
}

static void a_member_that_is_not_there(void **state) {
    static const char *const list[] = {ANSWER("\"{\\\"titel\\\":1}\"", 1, 1)};
    llmf_factory *f = open_with(CONFIG, list, 1, NULL);
    (void)state;
    run(f, start(f, "report", NULL));
    told(LLMF_ERR_ARGUMENT, "chain report, step 2 (write): prompt write, user (config_text:8:10), line 1, column 30 of the text: there is no facts.title; look at what it holds");
    assert_int_equal(s.asked, 1);
    assert_int_equal(seen.response.usage.input, 1);
    close_all(f);
}

static void a_refusal_in_between(void **state) {
    static const char *const list[] = {"{\"choices\":[{\"message\":{\"content\":null,\"refusal\":\"I will not.\"},\"finish_reason\":\"stop\"}]}"};
    llmf_factory *f = open_with(CONFIG, list, 1, NULL);
    (void)state;
    run(f, start(f, "report", NULL));
    told(LLMF_ERR_CONTENT_FILTER, "chain report, step 1 (extract): the model refused");
    assert_true(kit_is(seen.response.refusal, "I will not."));
    close_all(f);
}

/* ---- ended in the middle ---- */

typedef struct stopper {
    llmf_factory *f;
    int after, how;                /* events until it is stopped; 0: by its result, 1: llmf_cancel, 2: llmf_free */
    int events, finals, code;
} stopper;

static int stops(void *user, const llmf_event *ev) {
    stopper *x = (stopper *)user;
    x->events++;
    if (ev->type == LLMF_EVENT_DONE || ev->type == LLMF_EVENT_ERROR) {
        x->finals++;
        x->code = ev->response->error.code;
    }
    if (x->events != x->after) return LLMF_CONTINUE;
    if (x->how == 1) llmf_cancel(x->f, ev->call);
    if (x->how == 2) llmf_free(x->f, ev->call);
    return x->how ? LLMF_CONTINUE : LLMF_STOP;
}

/* The chain of three, stopped after so many of its events; what there was is in *x. */
static void stopped_after(stopper *x, int how, int after) {
    llmf_factory *f = open_with(CONFIG, streams, 3, NULL);
    llmf_request req;
    size_t before;
    llmf_call c;
    (void)llmf_get(f, "fast", NULL);
    (void)llmf_get(f, "smart", NULL);
    before = kit_used(f);
    memset(&req, 0, sizeof req);
    memset(x, 0, sizeof *x);
    x->f = f;
    x->after = after;
    x->how = how;
    req.stream = true;
    req.on_event = stops;
    req.on_event_user = x;
    c = start(f, "long", &req);
    (void)idle(f, &x->finals);
    llmf_free(f, c);
    assert_int_equal(kit_used(f), before);
    assert_int_equal(llmf_poll(f, 0), 0);
    close_all(f);
}

static void stopped_at_every_event(void **state) {
    int how, after, events;
    stopper x;
    (void)state;
    stopped_after(&x, 0, 0);
    events = x.events;
    assert_int_equal(x.code, LLMF_OK);
    assert_in_range(events, 10, 100);
    for (how = 0; how < 3; how++)
        for (after = 1; after < events; after++) {
            stopped_after(&x, how, after);
            assert_int_equal(x.finals, how < 2);
            if (how == 2) assert_int_equal(x.events, after);
            else if (after < events - 3) assert_int_equal(x.code, LLMF_ERR_CANCELLED); /* the last few come when all is over */
            assert_in_range(x.events, after, events); /* what was decoded by then comes before the end */
        }
}

/* Cancelled, or freed, from outside at every step of the world. */
static void cancelled_at_every_moment(void **state) {
    int free_it, at, steps;
    (void)state;
    for (free_it = 0; free_it < 2; free_it++) {
        bool over = false;
        for (at = 0; !over; at++) {
            llmf_factory *f = open_with(CONFIG, streams, 3, NULL);
            llmf_request req;
            size_t before;
            llmf_call c;
            (void)llmf_get(f, "fast", NULL);
            (void)llmf_get(f, "smart", NULL);
            before = kit_used(f);
            memset(&req, 0, sizeof req);
            req.stream = true;
            c = start(f, "long", &req);
            for (steps = 0; steps < at && !over; steps++) {
                script_step(&s, f);
                kit_take(f, c, &seen);
                over = seen.finals != 0;
            }
            if (!free_it && !over) {
                assert_int_equal(llmf_cancel(f, c), LLMF_OK);
                assert_int_equal(s.under_way, 0);
                kit_take(f, c, &seen);
                told(LLMF_ERR_CANCELLED, "chain long, step ");
            }
            if (!free_it || over) assert_int_equal(seen.finals, 1);
            llmf_free(f, c);
            assert_int_equal(s.under_way, 0);
            assert_int_equal(kit_used(f), before);
            close_all(f);
        }
        assert_in_range(at, 16, 200);
    }
}

/* The factory is closed in the middle. */
static void closed_at_every_moment(void **state) {
    int at, i;
    (void)state;
    for (at = 0; at < 40; at++) {
        llmf_factory *f = open_with(CONFIG, streams, 3, NULL);
        llmf_request req;
        llmf_call c;
        memset(&req, 0, sizeof req);
        req.stream = true;
        c = start(f, "long", &req);
        for (i = 0; i < at; i++) {
            script_step(&s, f);
            kit_take(f, c, &seen);
        }
        close_all(f); /* which looks whether an exchange is left */
    }
}

/* The whole has one time. */
static void a_total_time(void **state) {
    llmf_factory *f = open_with(CONFIG, plain, 3, NULL);
    llmf_request req;
    (void)state;
    memset(&req, 0, sizeof req);
    req.timeouts.total_ms = 15; /* each step takes ten */
    run(f, start(f, "report", &req));
    told(LLMF_ERR_TIMEOUT, "chain report, step 2 (write): timeout, total");
    close_all(f);
}

#define DOLLARS(n) (INT64_C(1000000000000) * (n))

/* And one budget. */
static void a_budget(void **state) {
    llmf_factory *f = open_with(CONFIG, plain, 3, NULL);
    llmf_request req;
    (void)state;
    memset(&req, 0, sizeof req);
    req.max_tokens = 100;
    req.budget_pico = 1000 * INT64_C(1000000); /* the first step may cost some 300 of them, the second 2,500 */
    run(f, start(f, "report", &req));
    told(LLMF_ERR_BUDGET, "chain report, step 2 (write): the budget of the call (llmf_request.budget_pico)");
    told(LLMF_ERR_BUDGET, "spent are $0.00012,");
    assert_int_equal(s.asked, 1);
    kit_forget(&seen);
    s.asked = 0;
    req.budget_pico = DOLLARS(1);
    run(f, start(f, "report", &req));
    told(LLMF_OK, "");
    close_all(f);
}

/* A request for memory is refused: the call ends in one error, the factory goes on. */
static void short_of_memory(void **state) {
    uint64_t nth, on;
    (void)state;
    for (on = 0; on < 2; on++) {
        bool through = false;
        for (nth = 1; !through; nth++) {
            llmf_factory *f = open_with(CONFIG, streams, 3, NULL);
            llmf_request req;
            size_t before;
            llmf_call c;
            (void)llmf_get(f, "fast", NULL);
            (void)llmf_get(f, "smart", NULL);
            before = kit_used(f);
            memset(&req, 0, sizeof req);
            req.stream = true;
            llmf_fail_memory(f, nth, on != 0);
            c = start(f, "long", &req);
            if (c.id) {
                assert_true(script_run(&s, f, c, &seen));
                assert_int_equal(seen.finals, 1);
                through = seen.code == LLMF_OK && f->heap.fail_at > f->heap.requests;
                if (seen.code != LLMF_OK) told(LLMF_ERR_MEMORY, "raise llmf_desc.memory_size");
            }
            llmf_fail_memory(f, 0, false);
            llmf_free(f, c);
            if (!on) assert_in_range(kit_used(f), before, before + 4096); /* what is kept of how models do */
            kit_forget(&seen);
            s.asked = 0;
            run(f, start(f, "report", &req));
            told(LLMF_OK, "");
            close_all(f);
            assert_true(nth < 1000);
        }
        assert_true(nth > 20);
    }
}

/* A new config while a chain is under way: it ends as it began. */
static void a_reload(void **state) {
    static char config[4096];
    llmf_desc d = script_desc(&s, scripted);
    llmf_factory *f;
    llmf_error err;
    llmf_call c;
    char path[] = "/tmp/llmf-steps-XXXXXX";
    FILE *file;
    int fd = mkstemp(path);
    (void)state;
    assert_true(fd >= 0);
    file = fdopen(fd, "w");
    fputs(CONFIG, file);
    fclose(file);
    d.config = path;
    f = open_with(NULL, plain, 3, &d);
    c = start(f, "report", NULL);
    snprintf(config, sizeof config, "%s", CONFIG);
    memcpy(strstr(config, "Write {{"), "Wrong {{", 8);
    memcpy(strstr(config, "smart-1"), "smart-2", 7);
    file = fopen(path, "w");
    fputs(config, file);
    fclose(file);
    assert_int_equal(llmf_reload(f, &err), LLMF_OK);
    run(f, c);
    told(LLMF_OK, "");
    sent(2, "Write English");
    sent(2, "smart-1");
    llmf_free(f, c);
    kit_forget(&seen);
    s.asked = 0;
    run(f, start(f, "report", NULL));
    sent(2, "Wrong English");
    sent(2, "smart-2");
    remove(path);
    close_all(f);
}

/* ---- in company ---- */

static int upper_piece(void *user, llmf_filter_writer *w, const llmf_event *ev, bool last) {
    char up[256];
    size_t i, n = ev->text.len < sizeof up ? ev->text.len : sizeof up;
    llmf_str out;
    (void)user, (void)last;
    for (i = 0; i < n; i++) up[i] = (char)(ev->text.ptr[i] == 'O' ? '0' : ev->text.ptr[i]);
    out.ptr = up;
    out.len = n;
    return llmf_filter_write(w, out) ? LLMF_FILTER_PASS : LLMF_FILTER_STOP;
}

static int wholes;
static int whole(void *user, llmf_filter_writer *w, const llmf_event *ev) {
    (void)user, (void)w, (void)ev;
    wholes++;
    return LLMF_FILTER_PASS;
}

/* Filters look at each step, once. */
static void filters(void **state) {
    llmf_desc d = script_desc(&s, scripted);
    llmf_filter filter;
    llmf_factory *f;
    (void)state;
    memset(&filter, 0, sizeof filter);
    filter.piece = upper_piece;
    filter.whole = whole;
    d.filters = &filter;
    d.filter_count = 1;
    f = open_with(CONFIG, plain, 3, &d);
    wholes = 0;
    run(f, start(f, "long", NULL));
    told(LLMF_OK, "");
    assert_int_equal(wholes, 3);
    sent(3, "Polish: 0nce");
    close_all(f);
}

/* Each step may be answered from what is kept. */
static void cached(void **state) {
    llmf_desc d = script_desc(&s, scripted);
    llmf_factory *f;
    (void)state;
    d.cache_mode = LLMF_CACHE_ON;
    f = open_with(CONFIG, plain, 3, &d);
    run(f, start(f, "long", NULL));
    told(LLMF_OK, "");
    assert_false(seen.response.cached);
    kit_forget(&seen);
    run(f, start(f, "long", NULL));
    told(LLMF_OK, "");
    assert_int_equal(s.asked, 3);
    assert_true(seen.response.cached);
    assert_int_equal(seen.response.attempt_total, 0);
    assert_true(seen.response.cost_pico == 0);
    assert_true(kit_is(seen.response.text, "Twice"));
    close_all(f);
}

static int spans, attempts;
static int64_t span_input;
static void on_span(void *user, const llmf_span *span) {
    size_t i;
    (void)user;
    if (span->attempt) attempts++;
    else spans++;
    for (i = 0; !span->attempt && i < span->attribute_count; i++)
        if (strcmp(span->attributes[i].name, "gen_ai.usage.input_tokens") == 0) span_input = span->attributes[i].integer;
}

/* One span, an attempt for each step. */
static void seen_from_outside(void **state) {
    llmf_desc d = script_desc(&s, scripted);
    llmf_factory *f;
    static char text[65536];
    llmf_call c;
    int i;
    (void)state;
    d.span = on_span;
    d.metrics = true;
    f = open_with(CONFIG, plain, 3, &d);
    spans = attempts = 0;
    run(f, start(f, "long", NULL));
    assert_int_equal(spans, 1);
    assert_int_equal(attempts, 3);
    assert_int_equal(span_input, 157);
    kit_forget(&seen);
    s.asked = 0;
    c = start(f, "long", NULL);
    for (i = 0; i < 100 && s.asked < 2; i++) script_step(&s, f);
    llmf_free(f, c); /* in its second step: the first one was paid for */
    assert_int_equal(spans, 2);
    assert_int_equal(attempts, 5);
    assert_int_equal(span_input, 100);
    assert_true(llmf_metrics(f, text, sizeof text) < sizeof text);
    assert_true(kit_has(text, "model=\"smart-1\",operation=\"chat\",type=\"input\"} 50\n"));
    close_all(f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_chain), cmocka_unit_test(streams_the_last), cmocka_unit_test(three_steps_and_tools_at_the_end), cmocka_unit_test(lines), cmocka_unit_test(in_code),
        cmocka_unit_test(wrong_from_the_start), cmocka_unit_test(each_step_fails), cmocka_unit_test(a_step_is_repeated), cmocka_unit_test(routes_and_fallbacks), cmocka_unit_test(no_json),
        cmocka_unit_test(a_member_that_is_not_there), cmocka_unit_test(a_refusal_in_between), cmocka_unit_test(stopped_at_every_event), cmocka_unit_test(cancelled_at_every_moment), cmocka_unit_test(closed_at_every_moment),
        cmocka_unit_test(a_total_time), cmocka_unit_test(a_budget), cmocka_unit_test(short_of_memory), cmocka_unit_test(a_reload), cmocka_unit_test(filters),
        cmocka_unit_test(cached), cmocka_unit_test(seen_from_outside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
