/* Routes: every rule, every reason to leave a model out, what a decision says of itself, and how stable a split is. */
#define LLMF_NO_CRUSOE 1           /* so that something is left out */
#include "wire.h"

#define MODEL(name, in, out, more) "  " name ": {provider: openai, model_id: " name "-id, input_token_cost_usd_per_million: " in ", output_token_cost_usd_per_million: " out more "}\n"
#define THREE "models:\n" MODEL("small", "1", "2", ", quality: 0.3, weight: 1") MODEL("middle", "3", "6", ", quality: 0.6, weight: 3") MODEL("large", "10", "30", ", quality: {default: 0.8, code: 0.95}, weight: 6")

static llmf_route_desc desc_of(const char *route) {
    llmf_route_desc d;
    memset(&d, 0, sizeof d);
    d.route = route;
    return d;
}

static const char *name_of(llmf_factory *f, llmf_model m) {
    static char name[64];
    llmf_model_info i;
    assert_int_equal(llmf_describe(f, m, &i), LLMF_OK);
    snprintf(name, sizeof name, "%.*s", (int)i.name.len, i.name.ptr);
    return name;
}

/* What was chosen; NULL: nothing. */
static const char *choose(llmf_factory *f, const llmf_route_desc *d, llmf_decision *why) {
    llmf_error err;
    llmf_decision own;
    llmf_model m;
    const char *name;
    if (!why) why = &own;
    m = llmf_route(f, d, why, &err);
    if (!m.id) {
        assert_int_equal(err.code, LLMF_ERR_ALL_FAILED);
        assert_int_equal(why->chosen, why->candidate_count);
        return NULL;
    }
    assert_int_equal(err.code, LLMF_OK);
    assert_true(why->chosen < why->candidate_count);
    assert_int_equal(why->candidates[why->chosen].reason, LLMF_ROUTE_CHOSEN);
    name = name_of(f, m);
    assert_true(kit_is(why->candidates[why->chosen].name, name));
    return name;
}

static void chooses(llmf_factory *f, const char *route, const char *expected) {
    llmf_route_desc d = desc_of(route);
    const char *got = choose(f, &d, NULL);
    if (!got || strcmp(got, expected) != 0) fail_msg("%s: %s, not %s", route, got ? got : "(none)", expected);
}

/* ---- rules ---- */

static void cheapest_and_best(void **state) {
    wire w;
    llmf_desc d = wire_desc(&w, THREE "routes:\n  cheap: {candidates: [large, middle, small]}\n  best: {rule: quality}\n  low: {rule: cheapest, threshold: 0}\n  high: {rule: cheapest, threshold: 1}\n"
                                      "  own: {rule: quality, candidates: [{model: small, quality: 0.99}, large]}\n");
    llmf_factory *f = wire_open(&d);
    llmf_route_desc r = desc_of("cheap");
    llmf_decision why;
    (void)state;
    chooses(f, "cheap", "small");
    chooses(f, "best", "large");
    chooses(f, "own", "small");
    chooses(f, NULL, "small");
    r.complexity = 0.5; /* at the threshold, which is 0.5: not above it */
    assert_string_equal(choose(f, &r, &why), "small");
    assert_true(why.complexity == 0.5 && why.candidate_count == 3 && why.input_tokens == LLMF_UNKNOWN);
    assert_true(kit_is(why.candidates[0].name, "large") && kit_is(why.candidates[0].text, "another is cheaper") && why.candidates[0].reason == LLMF_ROUTE_LOST);
    assert_true(kit_is(why.candidates[2].text, "is the cheapest"));
    assert_int_equal(why.candidates[0].cost_pico, INT64_C(1000) * 10000000 + INT64_C(1000) * 30000000);
    assert_int_equal(why.candidates[2].cost_pico, INT64_C(1000) * 1000000 + INT64_C(1000) * 2000000);
    assert_true(why.candidates[0].quality == 0.8 && why.candidates[2].quality == 0.3 && why.candidates[0].latency_us == LLMF_UNKNOWN);
    r.complexity = 0.51;
    assert_string_equal(choose(f, &r, &why), "large");
    assert_true(kit_is(why.candidates[2].text, "another has better quality") && kit_is(why.candidates[0].text, "has the best quality"));
    r.route = NULL;
    assert_string_equal(choose(f, &r, NULL), "large");
    r.route = "low";
    r.complexity = 0;
    assert_string_equal(choose(f, &r, NULL), "small");
    r.complexity = 0.001;
    assert_string_equal(choose(f, &r, NULL), "large");
    r.route = "high";
    r.complexity = 1;
    assert_string_equal(choose(f, &r, NULL), "small");
    r = desc_of("best");
    r.task = "code";
    assert_string_equal(choose(f, &r, &why), "large");
    assert_true(why.candidates[2].quality == 0.95);
    wire_close(f, &w);
}

/* Equal ones: the cheaper, then the first. Unknown prices come last, unknown quality too. */
static void ties(void **state) {
    wire w;
    llmf_desc d = wire_desc(&w, "models:\n" MODEL("a", "2", "2", ", quality: 0.5") MODEL("b", "1", "1", ", quality: 0.5") MODEL("c", "1", "1", ", quality: 0.4")
                                "  u: {provider: openai, model_id: u}\n  v: {provider: openai, model_id: v}\n"
                                "routes: {q: {rule: quality}, un: {candidates: [u, v, a]}, uv: {candidates: [v, u]}, ch: {candidates: [c, b, a]}, qu: {rule: quality, candidates: [u, c]}}\n");
    llmf_factory *f;
    (void)state;
    f = wire_open(&d);
    chooses(f, "q", "b");
    chooses(f, "un", "a");
    chooses(f, "uv", "v");
    chooses(f, "ch", "c");
    chooses(f, "qu", "c");
    wire_close(f, &w);
}

static void round_robin(void **state) {
    static const char *const order[] = {"small", "large", "small", "large"};
    wire w;
    llmf_desc d = wire_desc(&w, THREE "routes: {turn: {rule: round_robin}, part: {rule: round_robin, candidates: [small, {model: middle, use_cases: code}, large], task: talk}}\n");
    llmf_factory *f = wire_open(&d);
    llmf_error err;
    size_t i;
    (void)state;
    chooses(f, "turn", "small");
    chooses(f, "turn", "middle");
    for (i = 0; i < KIT_COUNT(order); i++) chooses(f, "part", order[i]); /* a turn of its own, and what cannot serve is passed over */
    assert_int_equal(llmf_reload(f, &err), LLMF_OK);
    chooses(f, "turn", "large");
    chooses(f, "turn", "small");
    wire_close(f, &w);
}

static void weighted(void **state) {
    wire w;
    llmf_desc d = wire_desc(&w, THREE "routes: {draw: {rule: weighted}, one: {rule: weighted, candidates: [{model: small, weight: 0}, middle]}, none: {rule: weighted, candidates: [{model: small, weight: 0}]}}\n");
    llmf_factory *f = wire_open(&d);
    llmf_route_desc r = desc_of("draw");
    llmf_decision why;
    int counts[3] = {0, 0, 0}, i;
    static size_t first[20];
    (void)state;
    for (i = 0; i < 5000; i++) {
        assert_non_null(choose(f, &r, &why));
        counts[why.chosen]++;
    }
    assert_true(counts[0] > 400 && counts[0] < 600 && counts[1] > 1380 && counts[1] < 1620 && counts[2] > 2850 && counts[2] < 3150); /* 1 : 3 : 6 */
    for (i = 0; i < 40; i++) { /* the same seed draws the same, whatever was drawn meanwhile */
        r.seed = (uint64_t)(i % 20) + 1;
        assert_non_null(choose(f, &r, &why));
        if (i < 20) first[i] = why.chosen;
        else assert_int_equal(why.chosen, first[i - 20]);
    }
    for (i = 0; i < 50; i++) chooses(f, "one", "middle");
    r = desc_of("none");
    assert_null(choose(f, &r, &why));
    assert_true(why.candidates[0].reason == LLMF_ROUTE_LOST && kit_is(why.candidates[0].text, "its weight is 0"));
    wire_close(f, &w);
}

/* The quickest by what was seen; untried ones first, those that only failed last. */
static void latency(void **state) {
    wire w;
    llmf_desc d = wire_desc(&w, THREE "routes: {quick: {rule: latency}}\n");
    llmf_factory *f = wire_open(&d);
    llmf_route_desc r = desc_of("quick");
    llmf_request req = kit_request(false);
    llmf_decision why;
    static const uint64_t ms[] = {300, 100, 200};
    int i;
    (void)state;
    for (i = 0; i < 3; i++) {
        kit_seen s;
        llmf_call c;
        memset(&s, 0, sizeof s);
        assert_non_null(choose(f, &r, &why));
        assert_int_equal(why.chosen, i); /* equal in that: the cheapest of those never tried */
        c = llmf_start(f, wire_model(f, i == 0 ? "small" : i == 1 ? "middle" : "large"), &req);
        llmf_poll(f, 0);
        w.world.now += ms[i] * 1000000;
        wire_answer(&w, (size_t)i, 200, "{\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"Yes\"},\"finish_reason\":\"stop\"}]}", LLMF_OK);
        assert_true(kit_run(f, c, &s, 5));
        assert_int_equal(s.code, LLMF_OK);
        llmf_free(f, c);
        kit_forget(&s);
    }
    assert_string_equal(choose(f, &r, &why), "middle");
    assert_int_equal(why.candidates[1].latency_us, 100000);
    assert_true(kit_is(why.candidates[0].text, "another is quicker") && kit_is(why.candidates[1].text, "is the quickest"));
    llmfi_handle_slot(&f->handles, llmfi_handle_find(&f->handles, "middle", 6, llmfi_handle_hash("middle", 6)))->prepared->health->latency_us = 0;
    llmfi_handle_slot(&f->handles, llmfi_handle_find(&f->handles, "middle", 6, llmfi_handle_hash("middle", 6)))->prepared->health->bad = 3;
    assert_string_equal(choose(f, &r, &why), "large");
    wire_close(f, &w);
}

/* ---- split ---- */

enum { KEYS = 4000 };

static void split_all(llmf_factory *f, const char *route, uint8_t where[KEYS], int counts[3]) {
    llmf_route_desc r = desc_of(route);
    llmf_decision why;
    char key[32];
    int i;
    memset(counts, 0, 3 * sizeof *counts);
    for (i = 0; i < KEYS; i++) {
        snprintf(key, sizeof key, "user-%d", i);
        r.key = key;
        assert_non_null(choose(f, &r, &why));
        where[i] = (uint8_t)why.chosen;
        counts[why.chosen]++;
    }
}

static void split(void **state) {
    wire w;
    llmf_desc d = wire_desc(&w, THREE "routes:\n  a: {rule: split}\n"
                                      "  b: {rule: split, candidates: [small, {model: middle, weight: 4}, large]}\n"
                                      "  c: {rule: split, candidates: [small, middle, {model: large, use_cases: code}], task: talk}\n");
    llmf_factory *f = wire_open(&d);
    static uint8_t a[KEYS], again[KEYS], b[KEYS], c[KEYS];
    int ca[3], cb[3], cc[3], i, moved = 0;
    llmf_route_desc r = desc_of("a");
    (void)state;
    split_all(f, "a", a, ca);
    assert_true(ca[0] > 330 && ca[0] < 470 && ca[1] > 1100 && ca[1] < 1300 && ca[2] > 2290 && ca[2] < 2510); /* 1 : 3 : 6 */
    /* the same on every machine, and in every version: these users stay where they are */
    assert_int_equal(a[0] | a[1] << 2 | a[2] << 4 | a[3] << 6 | a[4] << 8 | a[5] << 10 | a[6] << 12 | a[7] << 14, 0xa5a2);
    split_all(f, "a", again, cb);
    assert_memory_equal(a, again, sizeof a);
    /* middle from 3 of 10 to 4 of 11: keys move to it only, about (4/11 - 3/10) of them */
    split_all(f, "b", b, cb);
    for (i = 0; i < KEYS; i++) {
        if (a[i] == b[i]) continue;
        moved++;
        assert_int_equal(b[i], 1);
    }
    assert_true(moved > KEYS * 4 / 100 && moved < KEYS * 9 / 100);
    print_message("weights 1:3:6 to 1:4:6 move %d of %d keys; the least that any split could move are %d\n", moved, (int)KEYS, (int)(KEYS * (4.0 / 11 - 3.0 / 10)));
    /* one of them cannot serve: its keys alone move */
    split_all(f, "c", c, cc);
    for (i = 0; i < KEYS; i++)
        if (a[i] != 2) assert_int_equal(c[i], a[i]);
    assert_int_equal(cc[2], 0);
    for (i = 0, moved = 0; i < 200; i++) { /* without a key: drawn */
        llmf_decision why;
        assert_non_null(choose(f, &r, &why));
        moved |= 1 << why.chosen;
    }
    assert_int_equal(moved, 7);
    wire_close(f, &w);
}

/* ---- reasons ---- */

static void is_left_out(const llmf_decision *why, const char *name, int reason, const char *word) {
    size_t i;
    for (i = 0; i < why->candidate_count; i++) {
        if (!kit_is(why->candidates[i].name, name)) continue;
        if (why->candidates[i].reason != reason || !kit_has(why->candidates[i].text.ptr, word))
            fail_msg("%s: %d %s", name, why->candidates[i].reason, why->candidates[i].text.ptr);
        return;
    }
    fail_msg("%s is no candidate", name);
}

static void reasons(void **state) {
    static const char config[] =
        "providers: {locked: {dialect: openai, base_url: 'http://l/v1', api_key_env_var: LOCKED_KEY}}\n"
        "models:\n" MODEL("able", "1", "1", ", capabilities: [tools, images, schema], use_cases: [talk, code]") MODEL("plain", "1", "1", "") MODEL("tiny", "1", "1", ", capabilities: [tools, images, schema, audio], context_window: 500")
        MODEL("coder", "1", "1", ", capabilities: [tools, images, schema, audio], use_cases: code") MODEL("dear", "1000", "1000", ", capabilities: [tools, images, schema]")
        MODEL("spent", "1", "1", ", capabilities: [tools, images, schema], budget_usd: 0")
        "  free: {provider: openai, model_id: free, capabilities: [tools, images, schema]}\n"
        "  shut: {provider: locked, model_id: x, capabilities: [tools, images, schema]}\n"
        "  hole: {provider: azure, model_id: x}\n"
        "  gone: {provider: crusoe, model_id: x}\n";
    wire w;
    llmf_desc d = wire_desc(&w, config);
    llmf_factory *f;
    llmf_route_desc r = desc_of(NULL);
    llmf_request req = kit_request(false);
    llmf_tool tool;
    llmf_decision why;
    static const char *const env[] = {"OPENAI_API_KEY", "k", NULL};
    (void)state;
    d.api_key = NULL;
    f = wire_open(&d);
    w.world.env = env;
    memset(&tool, 0, sizeof tool);
    tool.name = "t";
    req.tools = &tool;
    req.tool_count = 1;
    req.max_tokens = 600;
    r.request = &req;
    r.task = "TALK";
    r.budget_pico = INT64_C(1000000000);
    r.needs = LLMF_CAN_IMAGES;
    assert_string_equal(choose(f, &r, &why), "able");
    assert_int_equal(why.candidate_count, 10);
    is_left_out(&why, "able", LLMF_ROUTE_CHOSEN, "is the cheapest");
    is_left_out(&why, "plain", LLMF_ROUTE_CAPABILITY, "is not known to have tools: see its key capabilities");
    is_left_out(&why, "tiny", LLMF_ROUTE_CONTEXT, "its window of 500 tokens may be too small for 6");
    is_left_out(&why, "coder", LLMF_ROUTE_TASK, "is not for TALK");
    is_left_out(&why, "dear", LLMF_ROUTE_BUDGET, "costs more than budget_pico");
    is_left_out(&why, "spent", LLMF_ROUTE_BUDGET, "the budget of the model spent (budget_usd or budgets.models) has no room for it");
    is_left_out(&why, "free", LLMF_ROUTE_NO_PRICE, "its price is not known");
    is_left_out(&why, "shut", LLMF_ROUTE_NO_KEY, "no key: set LOCKED_KEY");
    is_left_out(&why, "hole", LLMF_ROUTE_UNKNOWN, "its base URL needs {resource}");
    is_left_out(&why, "gone", LLMF_ROUTE_NOT_BUILT, "LLMF_NO_CRUSOE");
    assert_true(kit_has(kit_cstr(&w.world.log), "route  (cheapest): able. able: is the cheapest; plain: is not known to have tools: see its key capabilities; tiny: its window"));
    r.needs = LLMF_CAN_TRANSCRIBE;
    assert_null(choose(f, &r, &why));
    is_left_out(&why, "able", LLMF_ROUTE_CAPABILITY, "transcription");
    r.needs = 0;
    r.budget_pico = 0;
    req.format = " {\"type\": \"object\"}";
    req.tool_count = 0;
    assert_non_null(choose(f, &r, &why));
    is_left_out(&why, "plain", LLMF_ROUTE_CAPABILITY, "schema");
    is_left_out(&why, "free", LLMF_ROUTE_LOST, "another is cheaper");
    wire_close(f, &w);
    d.budget_process_pico = 1; /* under a limit that holds for all, a price must be known, and room must be left */
    f = wire_open(&d);
    req.format = NULL;
    assert_null(choose(f, &r, &why));
    is_left_out(&why, "free", LLMF_ROUTE_NO_PRICE, "the budget of the process (llmf_desc.budget_process_pico) needs its price, which is not known");
    is_left_out(&why, "able", LLMF_ROUTE_BUDGET, "the budget of the process (llmf_desc.budget_process_pico) has no room for it");
    wire_close(f, &w);
}

/* What a request needs is seen in it. */
static void needs_of_a_request(void **state) {
    static const struct {
        int part;
        const char *chosen;
    } parts[] = {{LLMF_PART_IMAGE, "eyes"}, {LLMF_PART_AUDIO, "ears"}, {LLMF_PART_FILE, "files"}, {LLMF_PART_TEXT, "plain"}};
    wire w;
    llmf_desc d = wire_desc(&w, "models:\n" MODEL("plain", "1", "1", "") MODEL("eyes", "2", "2", ", capabilities: images") MODEL("ears", "2", "2", ", capabilities: audio") MODEL("files", "2", "2", ", capabilities: files"));
    llmf_factory *f = wire_open(&d);
    llmf_route_desc r = desc_of(NULL);
    llmf_request req;
    llmf_message m;
    llmf_part part;
    llmf_decision why;
    size_t i;
    (void)state;
    memset(&req, 0, sizeof req);
    memset(&m, 0, sizeof m);
    req.messages = &m;
    req.message_count = 1;
    m.content = "Look:";
    m.parts = &part;
    m.part_count = 1;
    r.request = &req;
    for (i = 0; i < KIT_COUNT(parts); i++) {
        memset(&part, 0, sizeof part);
        part.type = parts[i].part;
        part.text = "a text of forty bytes, more or less so...";
        part.data = "bytes";
        part.data_len = 5;
        assert_string_equal(choose(f, &r, &why), parts[i].chosen);
        if (parts[i].part == LLMF_PART_IMAGE) assert_int_equal(why.input_tokens, 50000 + (32 + 5 + 1) / 2);
        if (parts[i].part == LLMF_PART_TEXT) assert_int_equal(why.input_tokens, (32 + 5 + 41) / 2);
    }
    wire_close(f, &w);
}

/* ---- names and handles ---- */

static void names(void **state) {
    wire w;
    llmf_desc d = wire_desc(&w, "default_provider: openai\n" THREE "routes: {chat: {rule: round_robin, candidates: [small, large]}}\n");
    llmf_factory *f = wire_open(&d);
    llmf_error err;
    llmf_model a = llmf_get(f, "chat", &err), b = llmf_get(f, "chat", &err), again = llmf_get(f, "chat", &err), plain = wire_model(f, "small");
    llmf_request req = kit_request(false);
    llmf_call c;
    (void)state;
    assert_string_equal(name_of(f, a), "small");
    assert_string_equal(name_of(f, b), "large");
    assert_true(a.id == again.id && a.id != b.id && a.id != plain.id); /* one handle for a route and a model */
    assert_true(wire_model(f, "small").id == plain.id);
    llmf_drop(f, a); /* not one's own: stays */
    c = llmf_start(f, a, &req);
    assert_int_equal(llmf_status(f, c, NULL), LLMF_OK);
    llmf_free(f, c);
    assert_int_equal(llmf_reload(f, &err), LLMF_OK);
    assert_string_equal(name_of(f, a), "small"); /* a held handle stays good */
    wire_close(f, &w);
    d = wire_desc(&w, THREE "routes: {conversation: {}}\n");
    f = wire_open(&d);
    assert_true(llmf_get(f, "conversatoin", &err).id == 0);
    assert_true(err.code == LLMF_ERR_UNKNOWN_MODEL && kit_has(err.text, "did you mean conversation?"));
    wire_close(f, &w);
}

static void bad_arguments(void **state) {
    wire w;
    llmf_desc d = wire_desc(&w, THREE "routes: {chat: {}}\n");
    llmf_factory *f = wire_open(&d);
    llmf_route_desc r;
    llmf_decision why;
    llmf_error err;
    static const double wrong[] = {-0.01, 1.01, -1, 1e300};
    size_t i;
    (void)state;
    for (i = 0; i < KIT_COUNT(wrong); i++) {
        r = desc_of("chat");
        r.complexity = wrong[i];
        assert_true(llmf_route(f, &r, &why, &err).id == 0);
        assert_true(err.code == LLMF_ERR_ARGUMENT && kit_has(err.text, "llmf_route_desc.complexity: must be from 0 to 1"));
    }
    r = desc_of("chat");
    r.budget_pico = -2;
    assert_true(llmf_route(f, &r, &why, &err).id == 0 && err.code == LLMF_ERR_ARGUMENT && kit_has(err.text, "llmf_route_desc.budget_pico"));
    r.budget_pico = -1; /* nothing: only what is free */
    assert_true(llmf_route(f, &r, &why, &err).id == 0 && err.code == LLMF_ERR_ALL_FAILED);
    assert_true(kit_has(err.text, "no model of chat can be asked: small: costs more than budget_pico; middle: "));
    r = desc_of("chat");
    r.estimate_complexity = true;
    assert_true(llmf_route(f, &r, &why, &err).id == 0 && err.code == LLMF_ERR_ARGUMENT && kit_has(err.text, "llmf_route_desc.request"));
    r = desc_of("chta");
    assert_true(llmf_route(f, &r, &why, &err).id == 0 && err.code == LLMF_ERR_UNKNOWN_MODEL && kit_has(err.text, "there is no route chta; did you mean chat?"));
    assert_true(why.candidate_count == 0 && why.candidates == NULL);
    r = desc_of("chat");
    assert_true(llmf_route(f, &r, NULL, NULL).id != 0);
    assert_true(llmf_route(NULL, &r, &why, &err).id == 0 && err.code == LLMF_ERR_ARGUMENT);
    wire_close(f, &w);
    d = wire_desc(&w, "{}");
    f = wire_open(&d);
    r = desc_of(NULL);
    assert_true(llmf_route(f, &r, &why, &err).id == 0 && err.code == LLMF_ERR_UNKNOWN_MODEL && kit_has(err.text, "no models to choose from"));
    wire_close(f, &w);
}

/* ---- scores ---- */

static void scores(void **state) {
    wire w;
    llmf_desc d = wire_desc(&w, THREE "routes: {top: {rule: scored}}\n");
    llmf_factory *f = wire_open(&d);
    llmf_request req = kit_request(false);
    llmf_call small = llmf_start(f, wire_model(f, "small"), &req), large = llmf_start(f, wire_model(f, "large"), &req), none;
    llmf_model stale = {12345};
    llmf_model_info info;
    int i;
    (void)state;
    chooses(f, "top", "small"); /* none is scored: as cheapest */
    for (i = 0; i < 4; i++) assert_int_equal(llmf_score(f, large, 0.75), LLMF_OK);
    chooses(f, "top", "small"); /* four are not enough */
    assert_int_equal(llmf_score(f, large, 0.75), LLMF_OK);
    chooses(f, "top", "large");
    for (i = 0; i < 5; i++) assert_int_equal(llmf_score(f, small, i ? 1 : 0), LLMF_OK);
    chooses(f, "top", "small"); /* 0.8 */
    llmf_describe(f, wire_model(f, "small"), &info);
    assert_true(info.score_count == 5 && info.score > 0.7999 && info.score < 0.8001);
    llmf_describe(f, wire_model(f, "middle"), &info);
    assert_true(info.score_count == 0 && info.score == 0);
    assert_int_equal(llmf_score(f, small, 1.01), LLMF_ERR_ARGUMENT);
    assert_int_equal(llmf_score(f, small, -0.01), LLMF_ERR_ARGUMENT);
    assert_int_equal(llmf_score(f, small, strtod("nan", NULL)), LLMF_ERR_ARGUMENT);
    none = llmf_start(f, stale, &req);
    assert_int_equal(llmf_score(f, none, 1), LLMF_ERR_ARGUMENT);
    llmf_free(f, none);
    llmf_free(f, small);
    llmf_free(f, large);
    assert_int_equal(llmf_score(f, small, 1), LLMF_ERR_STALE);
    wire_close(f, &w);
}

/* ---- complexity ---- */

/* tests/data/complexity.jsonl: prompts labelled simple or hard; the words and weights were chosen by looking at those of the part "tune" only. */
enum { FLOOR_PERCENT = 75 };

static void complexity(void **state) {
    static char line[16384], text[8192];
    FILE *file = fopen("tests/data/complexity.jsonl", "r");
    int right[2] = {0, 0}, all[2] = {0, 0}, hard_called_simple = 0, simple_called_hard = 0;
    (void)state;
    if (!file) skip();
    while (fgets(line, sizeof line, file)) {
        char label[8], part[8];
        llmf_str json = kit_str(line), value;
        size_t len;
        bool hard, held, guess;
        json.len = strcspn(line, "\n");
        assert_true(llmf_json_get(json, "label", &value) && llmf_json_string(value, label, sizeof label) < sizeof label);
        assert_true(llmf_json_get(json, "part", &value) && llmf_json_string(value, part, sizeof part) < sizeof part);
        assert_true(llmf_json_get(json, "text", &value));
        len = llmf_json_string(value, text, sizeof text);
        assert_true(len < sizeof text);
        hard = strcmp(label, "hard") == 0;
        held = strcmp(part, "held") == 0;
        guess = llmfi_complexity(llmfi_str(text, len)) > 0.5; /* the default threshold */
        all[held]++;
        if (guess == hard) right[held]++;
        else if (held && hard) hard_called_simple++;
        else if (held) simple_called_hard++;
    }
    fclose(file);
    print_message("complexity: %d of %d right where the words were chosen, %d of %d on the part held out (%d hard ones called simple, %d simple ones hard)\n", right[0], all[0],
                  right[1], all[1], hard_called_simple, simple_called_hard);
    assert_true(all[0] + all[1] >= 60 && all[1] >= 20);
    assert_true(right[1] * 100 >= all[1] * FLOOR_PERCENT);
}

static void estimated_complexity(void **state) {
    wire w;
    llmf_desc d = wire_desc(&w, THREE "routes: {chat: {}}\n");
    llmf_factory *f = wire_open(&d);
    llmf_route_desc r = desc_of("chat");
    llmf_request req = kit_request(false);
    llmf_message m[3];
    llmf_decision why;
    char *big = (char *)malloc(1 << 20);
    (void)state;
    r.request = &req;
    req.prompt = "Prove step by step that there are infinitely many primes, then compare Euclid's proof with Euler's and design an algorithm that lists them.";
    assert_string_equal(choose(f, &r, NULL), "small"); /* off unless asked for */
    r.estimate_complexity = true;
    assert_string_equal(choose(f, &r, &why), "large");
    assert_true(why.complexity > 0.5 && why.complexity <= 1);
    memset(m, 0, sizeof m); /* the newest that the user says counts */
    m[0].content = req.prompt;
    m[1].role = LLMF_ASSISTANT;
    m[1].content = req.prompt;
    m[2].content = "Thanks!";
    req.prompt = NULL;
    req.messages = m;
    req.message_count = 3;
    assert_string_equal(choose(f, &r, &why), "small");
    r.complexity = 0.9; /* the larger counts */
    assert_string_equal(choose(f, &r, &why), "large");
    assert_true(why.complexity == 0.9);
    assert_non_null(big); /* any bytes, any length */
    memset(big, 0xE3, 1 << 20);
    assert_true(llmfi_complexity(llmfi_str(big, 1 << 20)) <= 1 && llmfi_complexity(llmfi_str("", 0)) == 0);
    free(big);
    wire_close(f, &w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cheapest_and_best), cmocka_unit_test(ties),    cmocka_unit_test(round_robin),   cmocka_unit_test(weighted),   cmocka_unit_test(latency),
        cmocka_unit_test(split),             cmocka_unit_test(reasons), cmocka_unit_test(needs_of_a_request), cmocka_unit_test(names), cmocka_unit_test(bad_arguments),
        cmocka_unit_test(scores),            cmocka_unit_test(complexity), cmocka_unit_test(estimated_complexity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
