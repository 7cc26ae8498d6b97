/* Budgets: what is reserved, what is spent, what is refused before it is sent, and who is told. Prices of the tests: a token of input costs 1,000,000
   pico-dollars, one of output 2,000,000. */
#include "wire.h"
#include "server.h"

enum { IN = 1000000, OUT = 2000000, MOST = 100 /* max_tokens */ };

#define PRICES "input_token_cost_usd_per_million: 1, output_token_cost_usd_per_million: 2, context_window: 1000000"
#define PAID "paid: {provider: openai, model_id: x-1, " PRICES "}"
#define MODELS "models: {" PAID ", other: {provider: openai, model_id: x-2, " PRICES "}, free: {provider: openai, model_id: x-3, " \
    "input_token_cost_usd_per_million: 0, output_token_cost_usd_per_million: 0}, unpriced: {provider: openai, model_id: x-4}}\n"
#define ANSWER "{\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"Yes\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":3}}"
#define NO_USAGE "{\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"12345678\"},\"finish_reason\":\"stop\"}]}"
#define FAILURE "{\"error\":{\"message\":\"no\",\"type\":\"server_error\"}}"
#define COST (7 * (int64_t)IN + 3 * (int64_t)OUT)

static llmf_request request(void) {
    llmf_request r = kit_request(false);
    r.max_tokens = MOST;
    return r;
}

/* The most that this request may cost: by the rule that llmfactory.h states. */
static int64_t most_of(llmf_factory *f, const char *name, const llmf_request *r) {
    llmf_preview p;
    int64_t tokens;
    assert_int_equal(llmf_preview_request(f, wire_model(f, name), r, &p), LLMF_OK);
    tokens = (int64_t)(p.body.len + 1) / 2;
    llmf_free(f, p.call);
    return tokens * IN + (int64_t)MOST * OUT;
}

static llmf_budget_info budget(llmf_factory *f, int scope, const char *name) {
    llmf_budget_info i;
    assert_int_equal(llmf_budget(f, scope, name, &i), LLMF_OK);
    return i;
}

static void is_at(llmf_factory *f, int scope, const char *name, int64_t limit, int64_t spent, int64_t reserved) {
    llmf_budget_info i = budget(f, scope, name);
    if (i.limit_pico != limit || i.spent_pico != spent || i.reserved_pico != reserved)
        fail_msg("budget %d: limit %lld, spent %lld, reserved %lld", scope, (long long)i.limit_pico, (long long)i.spent_pico, (long long)i.reserved_pico);
}

/* Started; a transport of one's own begins in the next llmf_poll. */
static llmf_call ask(llmf_factory *f, llmf_model m, const llmf_request *r) {
    llmf_call c = llmf_start(f, m, r);
    llmf_poll(f, 0);
    return c;
}

/* The call's result at once: LLMF_OK: it is under way. */
static int begun(llmf_factory *f, llmf_call c) {
    assert_true(c.id != 0);
    return llmf_status(f, c, NULL);
}

static void refused(llmf_factory *f, llmf_call c, const char *word) {
    llmf_event ev;
    assert_int_equal(begun(f, c), LLMF_ERR_BUDGET);
    assert_true(llmf_next(f, c, &ev));
    assert_int_equal(ev.type, LLMF_EVENT_ERROR);
    if (!kit_has(ev.response->error.text, word)) fail_msg("<%s> is not in <%s>", word, ev.response->error.text);
    assert_true(ev.response->cost_pico == LLMF_UNKNOWN && ev.response->usage.input == LLMF_UNKNOWN);
}

static void finish(llmf_factory *f, wire *w, llmf_call c, size_t i, const char *body) {
    kit_seen s;
    memset(&s, 0, sizeof s);
    wire_answer(w, i, strcmp(body, FAILURE) == 0 ? 500 : 200, body, LLMF_OK);
    assert_true(kit_run(f, c, &s, 5));
    llmf_free(f, c);
    kit_forget(&s);
}

/* ---- each scope, to the pico-dollar ---- */

static void usd(char *to, size_t cap, int64_t pico) {
    snprintf(to, cap, "%lld.%012lld", (long long)(pico / INT64_C(1000000000000)), (long long)(pico % INT64_C(1000000000000)));
}

static const struct {
    const char *name, *config, *key;  /* %s: the limit in USD; key: what the refusal names */
    int scope;                        /* -1: the call's */
    const char *get;
} scopes[] = {
    {"call", "budgets: {call_usd: %s}\n" MODELS, "call (budgets.call_usd)", -1, "paid"},
    {"process", "budgets: {process_usd: %s}\n" MODELS, "process (budgets.process_usd)", LLMF_BUDGET_PROCESS, "paid"},
    {"day", "budgets: {day_usd: %s}\n" MODELS, "day (budgets.day_usd)", LLMF_BUDGET_DAY, "paid"},
    {"model", "models: {paid: {provider: openai, model_id: x-1, " PRICES ", budget_usd: %s}}\n", "model paid (budget_usd or budgets.models)", LLMF_BUDGET_MODEL, "paid"},
    {"models", "budgets: {models: {paid: %s}}\n" MODELS, "model paid (budget_usd or budgets.models)", LLMF_BUDGET_MODEL, "paid"},
    {"route", "routes: {way: {candidates: [paid], budget_usd: %s}}\n" MODELS, "route way (budget_usd or budgets.routes)", LLMF_BUDGET_ROUTE, "way"},
    {"routes", "budgets: {routes: {way: %s}}\nroutes: {way: {candidates: [paid]}}\n" MODELS, "route way (budget_usd or budgets.routes)", LLMF_BUDGET_ROUTE, "way"},
};

static void one_limit(size_t k, int64_t limit, int64_t most, bool fits) {
    char config[1024], money[40];
    wire w;
    llmf_desc d;
    llmf_factory *f;
    llmf_call c;
    llmf_request r = request();
    llmf_model m;
    usd(money, sizeof money, limit);
    snprintf(config, sizeof config, scopes[k].config, money);
    d = wire_desc(&w, config);
    f = wire_open(&d);
    if (scopes[k].scope == LLMF_BUDGET_ROUTE && !fits) { /* the route gives no model for which it has no room */
        llmf_error err;
        m = llmf_get(f, scopes[k].get, &err);
        assert_true(m.id == 0 && err.code == LLMF_ERR_ALL_FAILED && kit_has(err.text, scopes[k].key));
        wire_close(f, &w);
        return;
    }
    m = wire_model(f, scopes[k].get);
    c = ask(f, m, &r);
    if (fits) {
        assert_int_equal(begun(f, c), LLMF_OK);
        assert_int_equal(w.count, 1);
        if (scopes[k].scope >= 0) is_at(f, scopes[k].scope, scopes[k].get, limit, 0, most);
        finish(f, &w, c, 0, ANSWER);
        if (scopes[k].scope >= 0) is_at(f, scopes[k].scope, scopes[k].get, limit, COST, 0);
        is_at(f, LLMF_BUDGET_DAY, NULL, budget(f, LLMF_BUDGET_DAY, NULL).limit_pico, COST, 0);
    } else {
        refused(f, c, scopes[k].key);
        assert_int_equal(w.count, 0); /* nothing was sent */
        if (scopes[k].scope >= 0) is_at(f, scopes[k].scope, scopes[k].get, limit, 0, 0);
        llmf_free(f, c);
    }
    wire_close(f, &w);
}

static void to_the_pico(void **state) {
    wire w;
    llmf_desc d = wire_desc(&w, MODELS);
    llmf_factory *f = wire_open(&d);
    llmf_request r = request();
    int64_t most = most_of(f, "paid", &r);
    size_t k;
    (void)state;
    wire_close(f, &w);
    for (k = 0; k < KIT_COUNT(scopes); k++) {
        bool route = scopes[k].scope == LLMF_BUDGET_ROUTE;
        if (!route) one_limit(k, most - 1, most, false);
        if (!route) one_limit(k, most, most, true);
        one_limit(k, most + 1 + (route ? INT64_C(1000000000000) : 0), most, true);
        one_limit(k, 0, most, false);
    }
}

/* A handle that a route gave keeps to the route's budget when it is used later. */
static void route_boundary(void **state) {
    int way;
    (void)state;
    for (way = -1; way <= 1; way++) {
        char config[1024], money[40];
        wire w;
        llmf_desc d = wire_desc(&w, "routes: {way: {candidates: [paid]}}\n" MODELS);
        llmf_factory *f = wire_open(&d);
        llmf_request r = request();
        int64_t most = most_of(f, "paid", &r);
        llmf_route_desc what;
        llmf_error err;
        llmf_model m;
        llmf_call c;
        usd(money, sizeof money, most + way);
        snprintf(config, sizeof config, "routes: {way: {candidates: [paid], budget_usd: %s}}\n" MODELS, money);
        wire_close(f, &w);
        d = wire_desc(&w, config);
        f = wire_open(&d);
        memset(&what, 0, sizeof what);
        what.route = "way";
        r.max_tokens = 1;
        what.request = &r; /* with this one there is room */
        m = llmf_route(f, &what, NULL, &err);
        if (!m.id) fail_msg("%s", err.text);
        r.max_tokens = MOST;
        c = ask(f, m, &r);
        if (way < 0) refused(f, c, "the budget of the route way (budget_usd or budgets.routes)");
        else assert_int_equal(begun(f, c), LLMF_OK);
        assert_int_equal(w.count, way < 0 ? 0 : 1);
        is_at(f, LLMF_BUDGET_ROUTE, "way", most + way, 0, way < 0 ? 0 : most);
        llmf_free(f, c);
        is_at(f, LLMF_BUDGET_ROUTE, "way", most + way, 0, 0);
        c = ask(f, wire_model(f, "paid"), &r); /* not by the route: not its money */
        assert_int_equal(begun(f, c), LLMF_OK);
        is_at(f, LLMF_BUDGET_ROUTE, "way", most + way, 0, 0);
        llmf_free(f, c);
        wire_close(f, &w);
    }
}

/* ---- whose limit counts ---- */

static void precedence(void **state) {
    wire w;
    llmf_desc d = wire_desc(&w, "budgets: {call_usd: 0, process_usd: 1, day_usd: 1}\n" MODELS);
    llmf_factory *f;
    llmf_request r = request();
    llmf_call c;
    int64_t most;
    (void)state;
    d.budget_call_pico = 1;
    d.budget_day_pico = (int64_t)LLMF_ZERO;
    f = wire_open(&d);
    most = most_of(f, "paid", &r);
    is_at(f, LLMF_BUDGET_PROCESS, NULL, INT64_C(1000000000000), 0, 0);
    is_at(f, LLMF_BUDGET_DAY, NULL, 0, 0, 0);
    c = ask(f, wire_model(f, "paid"), &r);
    refused(f, c, "the budget of the call (llmf_desc.budget_call_pico) is $0.000000000001; spent are $0");
    llmf_free(f, c);
    r.budget_pico = most - 1;
    c = ask(f, wire_model(f, "paid"), &r);
    refused(f, c, "the budget of the call (llmf_request.budget_pico) is $0.00");
    llmf_free(f, c);
    r.budget_pico = most;
    c = ask(f, wire_model(f, "paid"), &r);
    refused(f, c, "the budget of the day (llmf_desc.budget_day_pico) is $0; spent are $0, held by requests under way $0, and this one to paid might cost $0.000");
    llmf_free(f, c);
    r.budget_pico = (int64_t)LLMF_ZERO;
    c = ask(f, wire_model(f, "free"), &r); /* what costs nothing always goes */
    assert_int_equal(begun(f, c), LLMF_OK);
    llmf_free(f, c);
    r.budget_pico = -2;
    c = ask(f, wire_model(f, "free"), &r);
    assert_int_equal(begun(f, c), LLMF_ERR_ARGUMENT);
    llmf_free(f, c);
    assert_int_equal(w.count, 1);
    wire_close(f, &w);
}

static void bad_desc(void **state) {
    static const size_t fields[] = {offsetof(llmf_desc, budget_call_pico), offsetof(llmf_desc, budget_process_pico), offsetof(llmf_desc, budget_day_pico)};
    static const char *const names[] = {"llmf_desc.budget_call_pico", "llmf_desc.budget_process_pico", "llmf_desc.budget_day_pico"};
    size_t i;
    (void)state;
    for (i = 0; i < KIT_COUNT(fields); i++) {
        wire w;
        llmf_error err;
        llmf_desc d = wire_desc(&w, MODELS);
        *(int64_t *)(void *)((char *)&d + fields[i]) = -2;
        assert_null(llmf_open(&d, &err));
        assert_int_equal(err.code, LLMF_ERR_ARGUMENT);
        assert_true(kit_has(err.text, names[i]));
    }
}

/* A model of the table is one budget, whatever it is called by; the lower of two limits holds. */
static void models_by_any_name(void **state) {
    wire w;
    llmf_desc d = wire_desc(&w, "budgets: {models: {gpt-4o: 5, paid: 3, Nick: 2}}\n"
                                "models: {paid: {provider: openai, model_id: x-1, name: Nick, budget_usd: 4, " PRICES "}}\n");
    llmf_factory *f = wire_open(&d);
    llmf_request r = request();
    llmf_call c, own;
    llmf_model made;
    llmf_budget_info i;
    (void)state;
    is_at(f, LLMF_BUDGET_MODEL, "paid", INT64_C(2000000000000), 0, 0);
    is_at(f, LLMF_BUDGET_MODEL, "openai:gpt-4o", INT64_C(5000000000000), 0, 0);
    is_at(f, LLMF_BUDGET_MODEL, "gpt-4o-mini", LLMF_UNKNOWN, 0, 0);
    c = ask(f, wire_model(f, "openai:gpt-4o"), &r);
    assert_int_equal(begun(f, c), LLMF_OK);
    assert_true(budget(f, LLMF_BUDGET_MODEL, "gpt-4o").reserved_pico > 0);
    assert_true(budget(f, LLMF_BUDGET_MODEL, "gpt-4o").reserved_pico == budget(f, LLMF_BUDGET_MODEL, "openai:gpt-4o").reserved_pico);
    made = llmf_create(f, "paid", "{temperature: 1, budget_usd: 0}", NULL);
    own = ask(f, made, &r);
    refused(f, own, "model paid");
    llmf_free(f, own);
    llmf_free(f, c);
    assert_int_equal(llmf_budget(f, LLMF_BUDGET_MODEL, "nobody-knows-it", &i), LLMF_ERR_UNKNOWN_MODEL);
    assert_int_equal(llmf_budget(f, LLMF_BUDGET_ROUTE, "nobody-knows-it", &i), LLMF_ERR_ARGUMENT);
    assert_int_equal(llmf_budget(f, 77, NULL, &i), LLMF_ERR_ARGUMENT);
    assert_int_equal(llmf_budget(NULL, 0, NULL, &i), LLMF_ERR_ARGUMENT);
    wire_close(f, &w);
}

/* ---- calls at once ---- */

static void at_once(void **state) {
    wire w;
    llmf_desc d = wire_desc(&w, MODELS);
    llmf_factory *f = wire_open(&d);
    llmf_request r = request();
    int64_t most = most_of(f, "paid", &r);
    llmf_model m;
    llmf_call a, b, c;
    char text[128], money[40];
    (void)state;
    wire_close(f, &w);
    d = wire_desc(&w, MODELS);
    d.budget_process_pico = 2 * most;
    f = wire_open(&d);
    m = wire_model(f, "paid");
    a = ask(f, m, &r);
    b = ask(f, m, &r);
    is_at(f, LLMF_BUDGET_PROCESS, NULL, 2 * most, 0, 2 * most);
    c = ask(f, m, &r);
    usd(money, sizeof money, 2 * most);
    while (money[strlen(money) - 1] == '0') money[strlen(money) - 1] = '\0';
    snprintf(text, sizeof text, "spent are $0, held by requests under way $%s, and", money);
    refused(f, c, text);
    llmf_free(f, c);
    finish(f, &w, a, 0, ANSWER);
    is_at(f, LLMF_BUDGET_PROCESS, NULL, 2 * most, COST, most);
    c = ask(f, m, &r); /* most - COST are left */
    refused(f, c, "process");
    llmf_free(f, c);
    llmf_cancel(f, b);
    is_at(f, LLMF_BUDGET_PROCESS, NULL, 2 * most, COST, 0);
    c = ask(f, m, &r);
    assert_int_equal(begun(f, c), LLMF_OK);
    llmf_free(f, c); /* under way */
    llmf_free(f, b);
    is_at(f, LLMF_BUDGET_PROCESS, NULL, 2 * most, COST, 0);
    assert_int_equal(w.count, 3);
    wire_close(f, &w);
}

/* ---- what is spent ---- */

#define CUT KIT_CHUNK("{\"content\":\"12345\"}") KIT_CHUNK("{\"reasoning_content\":\"678\"}")

static const struct {
    const char *name, *body;
    int status, result;
    bool stream;
    uint32_t flags;
    int64_t input, output;         /* tokens that must be paid; input -1: those of the estimate */
} ends[] = {
    {"usage", ANSWER, 200, LLMF_OK, false, 0, 7, 3},
    {"no usage", NO_USAGE, 200, LLMF_OK, false, 0, -1, 4},
    {"an error before content", FAILURE, 500, LLMF_OK, false, 0, 0, 0},
    {"no reply", "", 0, LLMF_ERR_NETWORK, false, 0, 0, 0},
    {"cut after content", CUT, 200, LLMF_ERR_NETWORK, true, 0, -1, 4},
    {"cut after usage", CUT KIT_USAGE, 200, LLMF_ERR_NETWORK, true, 0, 9, 4},
    {"a stream", KIT_STORY, 200, LLMF_OK, true, 0, 9, 4},
    {"cut, text not kept: all bytes, at most what was asked for", CUT, 200, LLMF_ERR_NETWORK, true, LLMF_DISCARD_TEXT, -1, MOST},
};

static void what_is_spent(void **state) {
    size_t i;
    (void)state;
    for (i = 0; i < KIT_COUNT(ends); i++) {
        wire w;
        llmf_desc d = wire_desc(&w, MODELS);
        llmf_factory *f = wire_open(&d);
        llmf_request r = request();
        kit_seen s;
        llmf_call c;
        int64_t input;
        memset(&s, 0, sizeof s);
        r.stream = ends[i].stream;
        r.flags = ends[i].flags;
        input = ends[i].input >= 0 ? ends[i].input : (most_of(f, "paid", &r) - (int64_t)MOST * OUT) / IN;
        c = ask(f, wire_model(f, "paid"), &r);
        wire_answer(&w, 0, ends[i].status, ends[i].body, ends[i].result);
        if (!ends[i].status) w.asked[0].status = 200;
        if (ends[i].status) assert_true(kit_run(f, c, &s, 5));
        else llmf_cancel(f, c);
        if (budget(f, LLMF_BUDGET_PROCESS, NULL).spent_pico != input * IN + ends[i].output * OUT)
            fail_msg("%s: %lld", ends[i].name, (long long)budget(f, LLMF_BUDGET_PROCESS, NULL).spent_pico);
        is_at(f, LLMF_BUDGET_PROCESS, NULL, LLMF_UNKNOWN, input * IN + ends[i].output * OUT, 0);
        llmf_free(f, c);
        is_at(f, LLMF_BUDGET_PROCESS, NULL, LLMF_UNKNOWN, input * IN + ends[i].output * OUT, 0);
        kit_forget(&s);
        wire_close(f, &w);
    }
}

/* Given back while its text is coming: what came is paid. */
static void freed_under_way(void **state) {
    wire w;
    llmf_desc d = wire_desc(&w, MODELS);
    llmf_factory *f = wire_open(&d);
    llmf_request r = request();
    llmf_call c;
    int64_t input;
    (void)state;
    r.stream = true;
    input = most_of(f, "paid", &r) - (int64_t)MOST * OUT;
    c = ask(f, wire_model(f, "paid"), &r);
    wire_answer(&w, 0, 200, CUT, LLMF_OK);
    w.asked[0].goes_on = true;
    llmf_poll(f, 0);
    llmf_free(f, c);
    is_at(f, LLMF_BUDGET_DAY, NULL, LLMF_UNKNOWN, input + 4 * OUT, 0);
    wire_close(f, &w);
}

/* ---- prices ---- */

static void unknown_prices(void **state) {
    wire w;
    llmf_desc d = wire_desc(&w, MODELS);
    llmf_factory *f = wire_open(&d);
    llmf_request r = request();
    llmf_call c = ask(f, wire_model(f, "unpriced"), &r);
    (void)state;
    assert_int_equal(begun(f, c), LLMF_OK); /* no limit holds */
    finish(f, &w, c, 0, ANSWER);
    is_at(f, LLMF_BUDGET_PROCESS, NULL, LLMF_UNKNOWN, 0, 0);
    assert_int_equal(budget(f, LLMF_BUDGET_PROCESS, NULL).unknown, 1);
    wire_close(f, &w);
    d = wire_desc(&w, MODELS);
    d.budget_day_pico = INT64_MAX;
    f = wire_open(&d);
    c = ask(f, wire_model(f, "unpriced"), &r);
    refused(f, c, "the budget of the day (llmf_desc.budget_day_pico) needs the price of openai:x-4, which is not known: set input_token_cost_usd_per_million and output_token_cost_usd_per_million");
    llmf_free(f, c);
    assert_int_equal(w.count, 0);
    c = ask(f, wire_model(f, "free"), &r);
    assert_int_equal(begun(f, c), LLMF_OK);
    finish(f, &w, c, 0, ANSWER);
    is_at(f, LLMF_BUDGET_DAY, NULL, INT64_MAX, 0, 0);
    wire_close(f, &w);
}

/* Two million dollars a million tokens, and as many as can be asked for. */
static void overflow(void **state) {
    static const char config[] = "models: {dear: {provider: openai, model_id: x, input_token_cost_usd_per_million: 2000000, output_token_cost_usd_per_million: 2000000}}";
    wire w;
    llmf_desc d = wire_desc(&w, config);
    llmf_factory *f;
    llmf_request r = request();
    llmf_call c, more;
    (void)state;
    d.budget_process_pico = INT64_MAX;
    f = wire_open(&d);
    r.max_tokens = INT64_C(1) << 52;
    c = ask(f, wire_model(f, "dear"), &r);
    refused(f, c, "might cost more than can be counted (");
    llmf_free(f, c);
    r.max_tokens = 4000000; /* 8 of 9.2 million dollars */
    c = ask(f, wire_model(f, "dear"), &r);
    assert_int_equal(begun(f, c), LLMF_OK);
    assert_true(budget(f, LLMF_BUDGET_PROCESS, NULL).reserved_pico > INT64_C(8000000000000000000));
    more = ask(f, wire_model(f, "dear"), &r);
    refused(f, more, "process");
    llmf_free(f, more);
    finish(f, &w, c, 0, "{\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"Yes\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":4500000}}");
    is_at(f, LLMF_BUDGET_PROCESS, NULL, INT64_MAX, INT64_C(2000000000000) * 4500001, 0);
    wire_close(f, &w);
    d = wire_desc(&w, config); /* without a limit nothing is refused, and no sum goes round */
    f = wire_open(&d);
    c = ask(f, wire_model(f, "dear"), &r);
    more = ask(f, wire_model(f, "dear"), &r);
    assert_int_equal(begun(f, more), LLMF_OK);
    assert_true(budget(f, LLMF_BUDGET_PROCESS, NULL).reserved_pico > INT64_C(8000000000000000000));
    llmf_free(f, c);
    llmf_free(f, more);
    is_at(f, LLMF_BUDGET_PROCESS, NULL, LLMF_UNKNOWN, 0, 0);
    wire_close(f, &w);
}

/* A prompt above a tier has its prices; none has more tokens than the window. */
static void tiers_and_windows(void **state) {
    wire w;
    llmf_desc d = wire_desc(&w, MODELS);
    llmf_factory *f = wire_open(&d);
    llmf_request r = request();
    llmf_model m = wire_model(f, "gpt-5.6-terra");
    llmf_model_info info;
    llmf_preview p;
    llmf_call c;
    size_t len;
    char *prompt;
    int way;
    (void)state;
    llmf_describe(f, m, &info);
    assert_true(info.tier_count == 1 && info.tiers[0].input > info.price_input && info.context_window > info.tiers[0].above);
    for (way = 0; way < 3; way++) {
        int64_t tokens, in;
        len = way == 0 ? 1000 : way == 1 ? (size_t)info.tiers[0].above * 2 + 10 : (size_t)info.context_window * 2 + 1000;
        prompt = (char *)malloc(len);
        assert_non_null(prompt);
        memset(prompt, 'a', len);
        r.prompt = prompt;
        r.prompt_len = len;
        r.flags = LLMF_BORROW;
        assert_int_equal(llmf_preview_request(f, m, &r, &p), LLMF_OK);
        tokens = (int64_t)(p.body.len + 1) / 2;
        llmf_free(f, p.call);
        if (tokens > info.context_window) tokens = info.context_window;
        in = way ? info.tiers[0].input : info.price_input;
        c = ask(f, m, &r);
        assert_int_equal(begun(f, c), LLMF_OK);
        assert_true(budget(f, LLMF_BUDGET_PROCESS, NULL).reserved_pico == tokens * in + MOST * (way ? info.tiers[0].output : info.price_output));
        llmf_free(f, c);
        free(prompt);
    }
    wire_close(f, &w);
}

/* What the request leaves open: the model's most, else 16,384. Images count by number, not by bytes; writing to the cache may cost more. */
static void what_is_estimated(void **state) {
    wire w;
    llmf_desc d = wire_desc(&w, "models: {a: {provider: openai, model_id: x, max_output_tokens: 500, " PRICES "}, b: {provider: openai, model_id: x, " PRICES "},\n"
                                "  c: {provider: anthropic, model_id: x, max_tokens: 100, cache_write_token_cost_usd_per_million: 1.25, " PRICES "},\n"
                                "  d: {provider: openai, model_id: x, max_tokens: 200, " PRICES "}}");
    llmf_factory *f = wire_open(&d);
    static const struct {
        const char *model;
        int64_t output;
    } open_ends[] = {{"a", 500}, {"b", 16384}, {"d", 200}};
    llmf_request r = kit_request(false);
    llmf_message message;
    llmf_part parts[2];
    llmf_call c;
    llmf_preview p;
    int64_t input, plain;
    size_t i;
    static unsigned char picture[3000] = "\x89PNG\r\n\x1a\n";
    (void)state;
    for (i = 0; i < KIT_COUNT(open_ends); i++) {
        input = most_of(f, open_ends[i].model, &r) - (int64_t)MOST * OUT;
        c = ask(f, wire_model(f, open_ends[i].model), &r);
        is_at(f, LLMF_BUDGET_PROCESS, NULL, LLMF_UNKNOWN, 0, input + open_ends[i].output * OUT);
        llmf_free(f, c);
    }
    r.cache = true;
    input = (most_of(f, "c", &r) - (int64_t)MOST * OUT) / IN;
    c = ask(f, wire_model(f, "c"), &r);
    is_at(f, LLMF_BUDGET_PROCESS, NULL, LLMF_UNKNOWN, 0, input * 1250000 + (int64_t)MOST * OUT);
    llmf_free(f, c);
    r = request();
    memset(&message, 0, sizeof message);
    memset(parts, 0, sizeof parts);
    r.prompt = NULL;
    r.messages = &message;
    r.message_count = 1;
    message.content = "What is this?";
    message.parts = parts;
    message.part_count = 2;
    parts[0].type = parts[1].type = LLMF_PART_IMAGE;
    parts[0].data = picture;
    parts[0].data_len = sizeof picture;
    parts[1].url = "https://example.com/a.png";
    assert_int_equal(llmf_preview_request(f, wire_model(f, "a"), &r, &p), LLMF_OK);
    plain = (int64_t)(p.body.len - 4000 + 1) / 2;
    llmf_free(f, p.call);
    c = ask(f, wire_model(f, "a"), &r);
    is_at(f, LLMF_BUDGET_PROCESS, NULL, LLMF_UNKNOWN, 0, (plain + 100000) * IN + (int64_t)MOST * OUT);
    llmf_free(f, c);
    wire_close(f, &w);
}

/* ---- days ---- */

static void days(void **state) {
    wire w;
    llmf_desc d = wire_desc(&w, MODELS);
    llmf_factory *f = wire_open(&d);
    llmf_request r = request();
    int64_t most = most_of(f, "paid", &r);
    llmf_model m;
    llmf_call c, late;
    (void)state;
    wire_close(f, &w);
    d = wire_desc(&w, MODELS);
    d.budget_day_pico = most + COST - 1;
    f = wire_open(&d);
    m = wire_model(f, "paid");
    w.wall = INT64_C(86400000) * 20001 - 1; /* the last millisecond of a day */
    c = ask(f, m, &r);
    finish(f, &w, c, 0, ANSWER);
    c = ask(f, m, &r);
    refused(f, c, "day");
    llmf_free(f, c);
    w.wall++; /* midnight */
    is_at(f, LLMF_BUDGET_DAY, NULL, most + COST - 1, 0, 0);
    late = ask(f, m, &r);
    assert_int_equal(begun(f, late), LLMF_OK);
    w.wall += 86400000; /* what is under way stays held, and counts where it ends */
    is_at(f, LLMF_BUDGET_DAY, NULL, most + COST - 1, 0, most);
    finish(f, &w, late, 1, ANSWER);
    is_at(f, LLMF_BUDGET_DAY, NULL, most + COST - 1, COST, 0);
    w.wall -= 2 * 86400000; /* a clock that is set back brings no day again */
    c = ask(f, m, &r);
    refused(f, c, "day");
    llmf_free(f, c);
    is_at(f, LLMF_BUDGET_PROCESS, NULL, LLMF_UNKNOWN, 2 * COST, 0);
    wire_close(f, &w);
}

/* ---- alerts ---- */

static kit_text told;
static llmf_factory *told_of;

static void on_alert(void *user, const llmf_budget_alert *a) {
    (void)user;
    assert_true(!told_of || told_of->polling); /* inside llmf_poll only */
    kit_addf(&told, "%d %.*s %d %lld/%lld;", a->scope, (int)a->name.len, a->name.ptr, a->share_ppm, (long long)a->budget.spent_pico, (long long)a->budget.limit_pico);
}

static void is_told(const char *expected) {
    assert_string_equal(kit_cstr(&told), expected);
    kit_drop(&told);
}

static void spend(llmf_factory *f, wire *w, const char *name, int times) {
    llmf_request r = request();
    while (times--) {
        llmf_call c = ask(f, wire_model(f, name), &r);
        assert_int_equal(begun(f, c), LLMF_OK);
        finish(f, w, c, w->count - 1, ANSWER); /* 13,000,000 */
        llmf_poll(f, 0);
    }
}

static void alerts(void **state) {
    wire w;
    llmf_desc d = wire_desc(&w, "budgets: {process_usd: 0.0026, models: {paid: 0.00052}, alerts: [0.5, 0.05, 1]}\n" MODELS);
    llmf_factory *f;
    llmf_call c;
    llmf_request r = request();
    (void)state;
    d.budget_alert = on_alert;
    told_of = f = wire_open(&d);
    spend(f, &w, "paid", 1);
    is_told("");
    spend(f, &w, "paid", 1);
    is_told("2 paid 50000 26000000/520000000;"); /* a twentieth of it, to the pico-dollar */
    spend(f, &w, "paid", 7);
    is_told("");
    spend(f, &w, "other", 1);
    is_told("0  50000 130000000/2600000000;");
    spend(f, &w, "paid", 11);
    is_told("2 paid 500000 260000000/520000000;");
    wire_close(f, &w);
    /* several at once, the smallest first; also where the call ended outside of llmf_poll */
    d = wire_desc(&w, "budgets: {day_usd: 1, call_usd: 1}\n" MODELS);
    d.budget_alert = on_alert;
    told_of = f = wire_open(&d);
    r.stream = true;
    c = ask(f, wire_model(f, "paid"), &r);
    wire_answer(&w, 0, 200, KIT_CHUNK("{\"content\":\"a\"}") "data: {\"id\":\"c1\",\"choices\":[],\"usage\":{\"prompt_tokens\":450000,\"completion_tokens\":225000}}\n\n", LLMF_OK);
    w.asked[0].goes_on = true;
    llmf_poll(f, 0);
    is_told("");
    llmf_cancel(f, c);
    is_told("");
    llmf_poll(f, 0);
    is_told("1  500000 900000000000/1000000000000;1  800000 900000000000/1000000000000;");
    llmf_poll(f, 0);
    is_told("");
    w.wall += 86400000; /* the next day tells anew */
    llmf_free(f, c);
    c = ask(f, wire_model(f, "paid"), &r);
    wire_answer(&w, 1, 200, KIT_CHUNK("{\"content\":\"a\"}") "data: {\"id\":\"c1\",\"choices\":[],\"usage\":{\"prompt_tokens\":500000,\"completion_tokens\":0}}\n\n", LLMF_ERR_NETWORK);
    llmf_poll(f, 0);
    is_told("1  500000 500000000000/1000000000000;");
    llmf_free(f, c);
    wire_close(f, &w);
    told_of = NULL;
}

/* ---- a reload ---- */

static void reload(void **state) {
    char path[] = "/tmp/llmf-budget-XXXXXX";
    int fd = mkstemp(path);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    wire w;
    llmf_desc d = wire_desc(&w, NULL);
    llmf_factory *f;
    llmf_error err;
    (void)state;
    assert_non_null(file);
    fputs("budgets: {day_usd: 1, models: {paid: 1}}\n" MODELS, file);
    fclose(file);
    d.config = path;
    d.budget_alert = on_alert;
    f = wire_open(&d);
    spend(f, &w, "paid", 2);
    is_told("");
    is_at(f, LLMF_BUDGET_MODEL, "paid", INT64_C(1000000000000), 2 * COST, 0);
    file = fopen(path, "w");
    assert_non_null(file);
    fputs("budgets: {day_usd: 2, models: {paid: 0.003}}\n" MODELS, file);
    fclose(file);
    assert_int_equal(llmf_reload(f, &err), LLMF_OK);
    is_at(f, LLMF_BUDGET_MODEL, "paid", INT64_C(3000000000), 2 * COST, 0); /* what is spent stays */
    is_at(f, LLMF_BUDGET_DAY, NULL, INT64_C(2000000000000), 2 * COST, 0);
    spend(f, &w, "paid", 1);
    is_told("");
    wire_close(f, &w);
    remove(path);
}

/* ---- embeddings ---- */

#define VECTOR "{\"object\":\"list\",\"model\":\"e\",\"data\":[{\"index\":0,\"embedding\":[0.5]}],\"usage\":{\"prompt_tokens\":5,\"total_tokens\":5}}"

static void batches(void **state) {
    static const char config[] = "providers: {one: {dialect: openai, base_url: 'http://one/v1', embedding_batch: 1}}\n"
                                 "models: {e: {provider: one, model_id: e, capabilities: embeddings, " PRICES "}}\n";
    wire w;
    llmf_desc d = wire_desc(&w, config);
    llmf_factory *f = wire_open(&d);
    llmf_request r;
    llmf_input in;
    llmf_str texts[3];
    llmf_call c;
    kit_seen s;
    llmf_preview p;
    int64_t each;
    size_t i, answered = 0;
    (void)state;
    memset(&r, 0, sizeof r);
    memset(&in, 0, sizeof in);
    memset(&s, 0, sizeof s);
    for (i = 0; i < 3; i++) texts[i] = kit_str("same");
    in.texts = texts;
    in.text_count = 3;
    r.op = LLMF_OP_EMBED;
    r.input = &in;
    assert_int_equal(llmf_preview_request(f, wire_model(f, "e"), &r, &p), LLMF_OK);
    each = (int64_t)(p.body.len + 1) / 2 * IN;
    llmf_free(f, p.call);
    r.budget_pico = 3 * each; /* on all of them */
    c = ask(f, wire_model(f, "e"), &r);
    llmf_poll(f, 0);
    assert_int_equal(w.count, 3);
    is_at(f, LLMF_BUDGET_PROCESS, NULL, LLMF_UNKNOWN, 0, 3 * each);
    for (; answered < 3; answered++) wire_answer(&w, answered, 200, VECTOR, LLMF_OK);
    assert_true(kit_run(f, c, &s, 5));
    assert_int_equal(s.code, LLMF_OK);
    assert_int_equal(s.response.cost_pico, 15 * IN);
    is_at(f, LLMF_BUDGET_PROCESS, NULL, LLMF_UNKNOWN, 15 * IN, 0); /* not twice */
    llmf_free(f, c);
    kit_forget(&s);
    r.budget_pico = 3 * each - 1; /* the third has no room while two are under way */
    c = ask(f, wire_model(f, "e"), &r);
    assert_true(kit_run(f, c, &s, 5));
    assert_int_equal(s.code, LLMF_ERR_BUDGET);
    assert_true(kit_has(s.error, "call (llmf_request.budget_pico)"));
    assert_int_equal(w.count, 5);
    is_at(f, LLMF_BUDGET_PROCESS, NULL, LLMF_UNKNOWN, 15 * IN, 0); /* what was under way ended with it, without an answer */
    llmf_free(f, c);
    kit_forget(&s);
    r.budget_pico = 0;
    c = ask(f, wire_model(f, "e"), &r);
    llmf_poll(f, 0);
    wire_close(f, &w); /* under way */
}

/* Counting tokens and listing models cost nothing, whatever the limit. */
static void free_operations(void **state) {
    wire w;
    llmf_desc d = wire_desc(&w, MODELS);
    llmf_factory *f;
    llmf_request r;
    llmf_call c;
    (void)state;
    d.budget_process_pico = (int64_t)LLMF_ZERO;
    f = wire_open(&d);
    memset(&r, 0, sizeof r);
    r.op = LLMF_OP_LIST_MODELS;
    c = ask(f, wire_model(f, "unpriced"), &r);
    assert_int_equal(begun(f, c), LLMF_OK);
    assert_int_equal(w.count, 1);
    llmf_free(f, c);
    assert_int_equal(budget(f, LLMF_BUDGET_PROCESS, NULL).unknown, 0);
    wire_close(f, &w);
}

/* ---- a server, and memory ---- */

static void server_sees_nothing(void **state) {
    server s;
    char reply[4096], base[80];
    unsigned long before = 0, after = 0;
    kit_world world;
    llmf_desc d = kit_desc(&world);
    llmf_factory *f;
    llmf_response answer;
    llmf_request r = request();
    llmf_error err;
    (void)state;
    if (!server_start(&s)) skip();
    snprintf(base, sizeof base, "%s/v1", s.base);
    d.clock_ns = NULL;
    d.base_url = base;
    d.api_key = "key-of-a-test";
    d.config_text = "budgets: {day_usd: 0.001}\n" MODELS;
    f = llmf_open(&d, &err);
    assert_non_null(f);
    assert_int_equal(llmf_generate(f, wire_model(f, "paid"), &r, &answer), LLMF_OK);
    assert_true(answer.cost_pico > 0);
    assert_int_equal(budget(f, LLMF_BUDGET_DAY, NULL).spent_pico, answer.cost_pico);
    llmf_release(f, &answer);
    server_ask(s.port, "GET", "/stats", reply, sizeof reply);
    assert_true(sscanf(strstr(reply, "\"requests\""), "\"requests\":%lu", &before) == 1 || sscanf(strstr(reply, "\"requests\""), "\"requests\": %lu", &before) == 1);
    r.max_tokens = 1000;
    assert_int_equal(llmf_generate(f, wire_model(f, "paid"), &r, &answer), LLMF_ERR_BUDGET);
    assert_true(answer.attempt_count <= 1 && answer.error.http_status == 0);
    llmf_release(f, &answer);
    server_ask(s.port, "GET", "/stats", reply, sizeof reply);
    assert_true(sscanf(strstr(reply, "\"requests\""), "\"requests\":%lu", &after) == 1 || sscanf(strstr(reply, "\"requests\""), "\"requests\": %lu", &after) == 1);
    assert_int_equal(after, before);
    llmf_close(f);
    kit_drop(&world.log);
    server_stop(&s);
}

/* Memory refused anywhere: the call fails or goes on, nothing stays reserved, nothing is lost. */
static void memory_refused(void **state) {
    int nth;
    (void)state;
    for (nth = 1; nth < 40; nth++) {
        wire w;
        llmf_desc d = wire_desc(&w, "budgets: {day_usd: 1, models: {paid: 1}, routes: {way: 1}}\nroutes: {way: {candidates: [paid, other]}}\n" MODELS);
        llmf_factory *f = wire_open(&d);
        llmf_request r = request();
        llmf_model m;
        llmf_call c;
        int status;
        llmf_fail_memory(f, (uint64_t)nth, false);
        m = llmf_get(f, "way", NULL);
        c = ask(f, m, &r);
        status = c.id ? llmf_status(f, c, NULL) : LLMF_ERR_MEMORY;
        llmf_fail_memory(f, 0, false);
        if (m.id && status != LLMF_OK) assert_int_equal(status, LLMF_ERR_MEMORY);
        if (status == LLMF_OK) assert_true(budget(f, LLMF_BUDGET_MODEL, "paid").reserved_pico > 0 && budget(f, LLMF_BUDGET_ROUTE, "way").reserved_pico > 0);
        llmf_free(f, c);
        is_at(f, LLMF_BUDGET_DAY, NULL, INT64_C(1000000000000), 0, 0);
        is_at(f, LLMF_BUDGET_MODEL, "paid", INT64_C(1000000000000), 0, 0);
        wire_close(f, &w);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(to_the_pico),        cmocka_unit_test(route_boundary),    cmocka_unit_test(precedence),      cmocka_unit_test(bad_desc),
        cmocka_unit_test(models_by_any_name), cmocka_unit_test(at_once),           cmocka_unit_test(what_is_spent),   cmocka_unit_test(freed_under_way),
        cmocka_unit_test(unknown_prices),     cmocka_unit_test(overflow),          cmocka_unit_test(tiers_and_windows), cmocka_unit_test(what_is_estimated),
        cmocka_unit_test(days),               cmocka_unit_test(alerts),            cmocka_unit_test(reload),          cmocka_unit_test(batches),
        cmocka_unit_test(free_operations),    cmocka_unit_test(server_sees_nothing), cmocka_unit_test(memory_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
