/* Answers kept and given again: which calls ask, what is the same, what is kept, how it is played, when it goes; and a store of the program's own, whose blobs
   may be cut, changed, old, or somebody else's. */
#include "kit.h"

#define SECRET "sk-canary-4f1c9e77d0"
#define PROMPT "canary prompt 8812: where is the key?"

/* ---- a store that keeps what it is given ---- */

typedef struct store {
    struct {
        unsigned char key[32];
        kit_text blob;
    } at[16];
    size_t count;
    int gets, puts, dels;
    int64_t ttl_ms;
    llmf_factory *f;               /* not NULL: hooks try what they must not */
    llmf_call call;
} store;

static size_t store_find(const store *s, const unsigned char *key) {
    size_t i;
    for (i = 0; i < s->count && memcmp(s->at[i].key, key, 32) != 0; i++) continue;
    return i;
}

static bool store_get(void *user, const unsigned char key[32], llmf_str *blob) {
    store *s = (store *)user;
    size_t i = store_find(s, key);
    s->gets++;
    if (s->f) assert_int_equal(llmf_poll(s->f, 0), -LLMF_ERR_ARGUMENT);
    if (i == s->count) return false;
    blob->ptr = s->at[i].blob.ptr;
    blob->len = s->at[i].blob.len;
    return true;
}

static void store_put(void *user, const unsigned char key[32], llmf_str blob, int64_t ttl_ms) {
    store *s = (store *)user;
    size_t i = store_find(s, key);
    s->puts++;
    s->ttl_ms = ttl_ms;
    if (s->f) {
        llmf_free(s->f, s->call);
        assert_int_equal(llmf_poll(s->f, 0), -LLMF_ERR_ARGUMENT);
    }
    if (i == s->count) s->count++;
    assert_true(s->count <= KIT_COUNT(s->at));
    memcpy(s->at[i].key, key, 32);
    s->at[i].blob.len = 0;
    kit_add(&s->at[i].blob, blob.ptr, blob.len);
}

static void store_del(void *user, const unsigned char key[32]) {
    store *s = (store *)user;
    size_t i = store_find(s, key);
    assert_true(i < s->count);
    s->dels++;
    kit_drop(&s->at[i].blob);
    s->at[i] = s->at[--s->count];
    memset(&s->at[s->count], 0, sizeof s->at[0]);
}

static void store_drop(store *s) {
    while (s->count) kit_drop(&s->at[--s->count].blob);
    memset(s, 0, sizeof *s);
}

/* ---- a factory on recordings ---- */

typedef struct stage {
    kit_world w;
    llmf_desc d;
    llmf_factory *f;
    llmf_model m;
    llmf_recording r;
    int64_t wall;                  /* milliseconds */
} stage;

static int64_t stage_wall(void *user) {
    return ((stage *)(void *)user)->wall; /* w stands in front: the hooks' user is both */
}

static void stage_desc(stage *s) {
    s->d = kit_desc(&s->w);
    s->wall = 1700000000000;
    s->d.wall_ms = stage_wall;
    s->d.transport = "replay";
    s->d.api_key = SECRET;
    s->d.cache_mode = LLMF_CACHE_ON;
}

static void stage_open(stage *s, const char *model) {
    llmf_error err;
    s->f = llmf_open(&s->d, &err);
    if (!s->f) fail_msg("%s", err.text);
    s->m = llmf_get(s->f, model, &err);
    if (!s->m.id) fail_msg("%s", err.text);
}

static void stage_close(stage *s) {
    llmf_close(s->f);
    kit_drop(&s->w.log);
    memset(s, 0, sizeof *s);
}

/* What the provider answers from now on. */
static void say(stage *s, const char *body) {
    s->r = kit_recording(200, body);
    assert_int_equal(llmf_replay(s->f, &s->r), LLMF_OK);
}

#define PLAIN(text) "{\"id\":\"c1\",\"object\":\"chat.completion\",\"model\":\"m-1\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"" text \
    "\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":4,\"total_tokens\":13}}"

/* One call to its end; `text` is what it must say. Whether it came from the cache. */
static bool asks(stage *s, const llmf_request *req, const char *text) {
    llmf_response r;
    bool cached;
    assert_int_equal(llmf_generate(s->f, s->m, req, &r), LLMF_OK);
    cached = r.cached;
    if (!kit_is(r.text, text)) fail_msg("got \"%s\", wanted \"%s\"", r.text.ptr, text);
    assert_int_equal(r.attempt_count, cached ? 0 : 1);
    llmf_release(s->f, &r);
    return cached;
}

static llmf_cache_info figures(const stage *s) {
    llmf_cache_info i;
    llmf_cache(s->f, &i);
    return i;
}

static llmf_request request(const char *prompt) {
    llmf_request r;
    memset(&r, 0, sizeof r);
    r.prompt = prompt;
    return r;
}

/* ---- modes ---- */

/* Of each mode of the factory and of the call: whether a kept answer is given, whether a new one is kept. */
static void modes(void **state) {
    int factory, call;
    (void)state;
    for (factory = 0; factory <= LLMF_CACHE_OFF; factory++)
        for (call = 0; call <= LLMF_CACHE_OFF; call++) {
            int mode = call ? call : factory;
            bool gives = mode == LLMF_CACHE_ON || mode == LLMF_CACHE_READ, keeps = mode == LLMF_CACHE_ON || mode == LLMF_CACHE_WRITE;
            llmf_request req = request("a"), on = request("a"), other = request("b"), other_on = request("b");
            stage s;
            stage_desc(&s);
            s.d.cache_mode = factory;
            stage_open(&s, "openai:m");
            req.response_cache = other.response_cache = call;
            on.response_cache = other_on.response_cache = LLMF_CACHE_ON;
            say(&s, PLAIN("one"));
            assert_false(asks(&s, &on, "one"));
            say(&s, PLAIN("two"));
            assert_int_equal(asks(&s, &req, gives ? "one" : "two"), gives);
            assert_int_equal(asks(&s, &on, keeps && !gives ? "two" : "one"), true);
            assert_false(asks(&s, &other, "two"));
            say(&s, PLAIN("three"));
            assert_int_equal(asks(&s, &other_on, keeps ? "two" : "three"), keeps);
            stage_close(&s);
        }
}

static void off_by_default(void **state) {
    llmf_request req = request("a");
    llmf_cache_info i;
    llmf_response r;
    llmf_error err;
    stage s;
    size_t used;
    (void)state;
    stage_desc(&s);
    s.d.cache_mode = 0;
    stage_open(&s, "openai:m");
    say(&s, PLAIN("one"));
    assert_false(asks(&s, &req, "one"));
    used = kit_used(s.f);
    assert_false(asks(&s, &req, "one"));
    assert_int_equal(kit_used(s.f), used);
    i = figures(&s);
    assert_true(!i.entries && !i.bytes && !i.hits && !i.misses);
    assert_null(s.f->cache.buckets);
    llmf_cache_clear(s.f);
    llmf_cache_clear(NULL);
    llmf_cache(NULL, &i);
    assert_true(!i.entries && !i.hits);
    req.response_cache = 5;
    assert_int_equal(llmf_generate(s.f, s.m, &req, &r), LLMF_ERR_ARGUMENT);
    assert_true(kit_has(r.error.text, "response_cache"));
    llmf_release(s.f, &r);
    s.d.cache_mode = 9;
    assert_null(llmf_open(&s.d, &err));
    assert_true(err.code == LLMF_ERR_ARGUMENT && kit_has(err.text, "cache_mode"));
    stage_close(&s);
}

/* ---- what a hit is ---- */

static bool same(llmf_str a, llmf_str b) {
    return a.len == b.len && memcmp(a.ptr, b.ptr, a.len) == 0 && b.ptr[b.len] == '\0';
}

static void like_the_first(const llmf_response *a, const llmf_response *b) {
    size_t i;
    assert_true(same(a->text, b->text) && same(a->reasoning, b->reasoning) && same(a->refusal, b->refusal) && same(a->state, b->state));
    assert_true(same(a->model_used, b->model_used) && same(a->finish_raw, b->finish_raw) && same(a->provider, b->provider) && same(a->model, b->model));
    assert_int_equal(a->finish, b->finish);
    assert_memory_equal(&a->usage, &b->usage, sizeof a->usage);
    assert_int_equal(a->tool_call_count, b->tool_call_count);
    for (i = 0; i < a->tool_call_count; i++) {
        assert_true(same(a->tool_calls[i].id, b->tool_calls[i].id) && same(a->tool_calls[i].name, b->tool_calls[i].name));
        assert_true(same(a->tool_calls[i].arguments, b->tool_calls[i].arguments) && a->tool_calls[i].invalid == b->tool_calls[i].invalid);
    }
    assert_int_equal(a->citation_count, b->citation_count);
    assert_int_equal(b->error.code, LLMF_OK);
}

static const char tool_events[] = "reasoning Think hard\ntext I look.\ntool_start 0 call_a look\ntool_delta 0 {\"at\":[1,2]}\ntool_call 0 call_a look {\"at\":[1,2]}\n"
                                  "tool_start 1 call_b go\ntool_delta 1 {}\ntool_call 1 call_b go {}\nusage\n";

/* By llmf_next, by a callback, and of a blocking call; nothing comes before llmf_poll. */
static void a_hit_is_played(void **state) {
    llmf_request req = request(PROMPT);
    llmf_response r;
    llmf_event ev;
    kit_seen first, again, called;
    llmf_call c, c1;
    stage s;
    size_t used;
    (void)state;
    stage_desc(&s);
    s.d.base_url = NULL;
    stage_open(&s, "openai:gpt-4o");
    memset(&first, 0, sizeof first), memset(&again, 0, sizeof again), memset(&called, 0, sizeof called);
    req.stream = true;
    say(&s, KIT_TOOLS);
    c1 = llmf_start(s.f, s.m, &req);
    assert_true(kit_run(s.f, c1, &first, 5));
    assert_true(first.code == LLMF_OK && !first.response.cached && first.response.cost_pico > 0);
    say(&s, "");
    used = kit_used(s.f);
    c = llmf_start(s.f, s.m, &req);
    assert_false(llmf_next(s.f, c, &ev));
    assert_false(llmf_next_any(s.f, &ev));
    assert_int_equal(llmf_deadline_ms(s.f), 0);
    assert_int_equal(llmf_poll(s.f, 10000), 1);
    assert_true(llmf_next_any(s.f, &ev)); /* one poll has brought all */
    kit_see(&again, &ev);
    kit_take(s.f, c, &again);
    assert_int_equal(again.finals, 1);
    assert_string_equal(kit_cstr(&again.log), tool_events);
    like_the_first(&first.response, &again.response);
    assert_true(again.response.cached && again.response.cost_pico == 0 && !again.response.request_id.len && again.response.attempt_count == 0);
    assert_true(again.response.error.http_status == 0 && again.response.first_token_ms >= 0);
    llmf_free(s.f, c);
    assert_int_equal(kit_used(s.f), used);

    req.on_event = kit_on_event;
    req.on_event_user = &called;
    c = llmf_start(s.f, s.m, &req);
    assert_int_equal(called.events, 0);
    llmf_poll(s.f, 0);
    assert_int_equal(called.finals, 1);
    assert_string_equal(kit_cstr(&called.log), tool_events);
    llmf_free(s.f, c);

    req.on_event = NULL;
    req.stream = false;
    assert_int_equal(llmf_generate(s.f, s.m, &req, &r), LLMF_OK);
    like_the_first(&first.response, &r);
    assert_true(r.cached);
    llmf_release(s.f, &r);
    llmf_free(s.f, c1);
    assert_int_equal(figures(&s).hits, 3);
    assert_int_equal(figures(&s).misses, 1);
    kit_forget(&first), kit_forget(&again), kit_forget(&called);
    stage_close(&s);
}

/* What is known of a model is not what the cache is like. */
static void a_hit_teaches_nothing(void **state) {
#if LLMFI_HAS_HEALTH
    llmf_request req = request("a");
    stage s;
    (void)state;
    stage_desc(&s);
    stage_open(&s, "openai:m");
    say(&s, PLAIN("one"));
    assert_false(asks(&s, &req, "one"));
    assert_int_equal(s.f->health->good, 1);
    assert_true(asks(&s, &req, "one"));
    assert_int_equal(s.f->health->good, 1);
    stage_close(&s);
#else
    (void)state;
    skip();
#endif
}

/* A text that streams in at a filter's or a callback's pace: it may stop in the middle of a hit. */
static int stop_at_text(void *user, const llmf_event *ev) {
    kit_see((kit_seen *)user, ev);
    return ev->type == LLMF_EVENT_TEXT ? LLMF_STOP : LLMF_CONTINUE;
}

static void cancelled(void **state) {
    llmf_request req = request("a");
    kit_seen seen;
    llmf_call c;
    stage s;
    size_t used;
    (void)state;
    stage_desc(&s);
    stage_open(&s, "openai:m");
    memset(&seen, 0, sizeof seen);
    say(&s, KIT_TOOLS);
    req.stream = true;
    c = llmf_start(s.f, s.m, &req);
    assert_true(kit_run(s.f, c, &seen, 5));
    llmf_free(s.f, c);
    kit_forget(&seen);
    say(&s, "");
    used = kit_used(s.f);

    c = llmf_start(s.f, s.m, &req); /* freed before it is played */
    llmf_free(s.f, c);
    assert_int_equal(kit_used(s.f), used);
    llmf_poll(s.f, 0);

    c = llmf_start(s.f, s.m, &req); /* cancelled before */
    assert_int_equal(llmf_cancel(s.f, c), LLMF_OK);
    assert_true(kit_run(s.f, c, &seen, 5));
    assert_true(seen.code == LLMF_ERR_CANCELLED && seen.events == 1);
    llmf_free(s.f, c);
    kit_forget(&seen);

    c = llmf_start(s.f, s.m, &req); /* forgotten before: it is played all the same */
    llmf_cache_clear(s.f);
    assert_int_equal(figures(&s).entries, 0);
    assert_true(kit_run(s.f, c, &seen, 5));
    assert_true(seen.code == LLMF_OK && seen.response.cached);
    llmf_free(s.f, c);
    kit_forget(&seen);
    assert_true(kit_used(s.f) < used);

    say(&s, KIT_TOOLS);
    c = llmf_start(s.f, s.m, &req);
    assert_true(kit_run(s.f, c, &seen, 5));
    assert_false(seen.response.cached);
    llmf_free(s.f, c);
    kit_forget(&seen);
    req.on_event = stop_at_text; /* in its middle */
    req.on_event_user = &seen;
    c = llmf_start(s.f, s.m, &req);
    while (!seen.finals) llmf_poll(s.f, 0);
    assert_int_equal(seen.code, LLMF_ERR_CANCELLED);
    assert_true(seen.response.cached && kit_is(seen.response.text, "I look."));
    llmf_free(s.f, c);
    kit_forget(&seen);

    c = llmf_start(s.f, s.m, &req); /* and the factory closed before it is played */
    stage_close(&s);
}

/* ---- the key ---- */

static const char key_config[] = "models:\n"
    "  plain: {provider: openai, model_id: m, base_url: \"https://a.example/v1\"}\n"
    "  twin: {provider: openai, model_id: m, base_url: \"https://a.example/v1\", api_key: other, description: another name}\n"
    "  query: {provider: openai, model_id: m, base_url: \"https://a.example/v1?version=2\"}\n"
    "  query_key: {provider: openai, model_id: m, base_url: \"https://a.example/v1?version=2&api_key=abc\"}\n"
    "  query_key2: {provider: openai, model_id: m, base_url: \"https://a.example/v1?version=2&api_key=def\"}\n"
    "  elsewhere: {provider: openai, model_id: m, base_url: \"https://b.example/v1\"}\n"
    "  beta: {provider: openai, model_id: m, base_url: \"https://a.example/v1\", headers: {x-beta: one}}\n"
    "  beta2: {provider: openai, model_id: m, base_url: \"https://a.example/v1\", headers: {x-beta: two}}\n"
    "  secret: {provider: openai, model_id: m, base_url: \"https://a.example/v1\", headers: {x-gate-token: one}}\n"
    "  secret2: {provider: openai, model_id: m, base_url: \"https://a.example/v1\", headers: {x-gate-token: two}}\n"
    "  own_auth: {provider: openai, model_id: m, base_url: \"https://a.example/v1\", headers: {Authorization: \"Bearer mine\"}}\n"
    "  hot: {provider: openai, model_id: m, base_url: \"https://a.example/v1\", temperature: 1}\n"
    "  azure: {provider: azure, model_id: m, deployment: m, base_url: \"https://a.example\"}\n"
    "  gemini: {provider: gemini, model_id: m}\n"
    "  anthropic: {provider: anthropic, model_id: m}\n"
    "  anthropic_beta: {provider: anthropic, model_id: m, headers: {anthropic-beta: new}}\n"
    "  ollama: {provider: ollama, model_id: m}\n"
    "  cohere: {provider: cohere, model_id: m}\n"
    "  responses: {provider: openai_responses, model_id: m}\n"
    "  bedrock: {provider: bedrock, model_id: m, region_name: us-east-1, aws_access_key_id: AKIDEXAMPLE, aws_secret_access_key: wJalrXUtnFEMI}\n";

/* The key of a request to a model, as hexadecimal digits. */
static const char *key_of(llmf_factory *f, const char *model, const llmf_request *req) {
    static char texts[4][65];
    static int turn;
    char *text = texts[turn = (turn + 1) % 4];
    llmf_error err;
    llmf_model m = llmf_get(f, model, &err);
    llmf_call c;
    llmfi_call *call;
    if (!m.id) fail_msg("%s: %s", model, err.text);
    c = llmf_start(f, m, req);
    call = llmfi_call_of(f, c);
    if (!call || !call->cache) fail_msg("%s: %s", model, call ? call->reply.error.text : "no call");
    llmfi_hex_lower(text, call->cache->key, 32);
    text[64] = '\0';
    llmf_free(f, c);
    return text;
}

static void what_is_the_same(void **state) {
    static const char *const same_as[][2] = {{"plain", "twin"}, {"plain", "secret"}, {"secret", "secret2"}, {"plain", "own_auth"},
                                             {"query", "query_key"}, {"query_key", "query_key2"}};
    static const char *const unlike[] = {"plain", "query", "elsewhere", "beta", "beta2", "hot", "azure", "gemini",
                                         "anthropic", "anthropic_beta", "ollama", "cohere", "responses", "bedrock"};
    llmf_request req = request("a"), plain;
    char keys[KIT_COUNT(unlike)][65];
    llmf_recording r = kit_recording(200, "");
    stage s;
    size_t i, k;
    (void)state;
    stage_desc(&s);
    s.d.api_key = NULL;
    s.d.config_text = key_config;
    s.d.log = NULL;
    s.f = llmf_open(&s.d, NULL);
    assert_non_null(s.f);
    llmf_replay(s.f, &r);
    for (i = 0; i < KIT_COUNT(same_as); i++)
        if (strcmp(key_of(s.f, same_as[i][0], &req), key_of(s.f, same_as[i][1], &req)) != 0) fail_msg("%s and %s are the same", same_as[i][0], same_as[i][1]);
    for (i = 0; i < KIT_COUNT(unlike); i++) {
        strcpy(keys[i], key_of(s.f, unlike[i], &req));
        for (k = 0; k < i; k++)
            if (strcmp(keys[i], keys[k]) == 0) fail_msg("%s is not %s", unlike[i], unlike[k]);
        plain = req;
        plain.stream = true; /* nor do these matter */
        plain.flags = LLMF_BORROW | LLMF_DISCARD_TEXT | LLMF_KEEP_RAW;
        plain.timeouts.total_ms = 5;
        s.wall += 86400000;
        assert_string_equal(key_of(s.f, unlike[i], &plain), keys[i]);
        if (strcmp(unlike[i], "anthropic") != 0 && strcmp(unlike[i], "gemini") != 0) continue;
        plain.stream = false;
        plain.op = LLMF_OP_COUNT_TOKENS;
        assert_string_not_equal(key_of(s.f, unlike[i], &plain), keys[i]);
    }
    llmf_close(s.f);
}

/* Each of these is another question. */
static void what_is_another(void **state) {
    static const llmf_tool tool = {"t", NULL, NULL, false}, tool2 = {"t", "d", NULL, false};
    static const char *const stop[] = {"x"};
    static const llmf_message two[] = {{LLMF_USER, "a", 0, NULL, 0, NULL, 0, {NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}, false},
                                       {LLMF_USER, "", 0, NULL, 0, NULL, 0, {NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}, false}};
    llmf_request all[16], req = request("a");
    char keys[KIT_COUNT(all)][65];
    llmf_recording r = kit_recording(200, "");
    stage s;
    size_t n = 0, i;
    (void)state;
    stage_desc(&s);
    stage_open(&s, "openai:m");
    llmf_replay(s.f, &r);
    all[n++] = req;
    all[n] = req, all[n++].prompt = "b";
    all[n] = req, all[n++].prompt = "a ";
    all[n] = req, all[n++].system = "a";
    all[n] = req, all[n].tools = &tool, all[n++].tool_count = 1;
    all[n] = req, all[n].tools = &tool2, all[n++].tool_count = 1;
    all[n] = req, all[n++].temperature = 0.5;
    all[n] = req, all[n++].temperature = LLMF_ZERO;
    all[n] = req, all[n++].max_tokens = 9;
    all[n] = req, all[n].stop = stop, all[n++].stop_count = 1;
    all[n] = req, all[n++].use_seed = true;
    all[n] = req, all[n++].user = "u";
    all[n] = req, all[n++].extra = "{\"x\":1}";
    all[n] = req, all[n++].format = "json";
    all[n] = req, all[n].prompt = NULL, all[n].messages = two, all[n++].message_count = 2;
    for (i = 0; i < n; i++) {
        size_t k;
        strcpy(keys[i], key_of(s.f, "openai:m", &all[i]));
        for (k = 0; k < i; k++)
            if (strcmp(keys[i], keys[k]) == 0) fail_msg("requests %d and %d have one key", (int)k, (int)i);
    }
    strcpy(keys[1], key_of(s.f, "openai:n", &req));
    assert_string_not_equal(keys[0], keys[1]);
    strcpy(keys[1], key_of(s.f, "groq:m", &req));
    assert_string_not_equal(keys[0], keys[1]);
    stage_close(&s);
}

static void streamed_and_plain(void **state) {
    llmf_request plain = request("a"), streamed = request("a");
    stage s;
    (void)state;
    streamed.stream = true;
    stage_desc(&s);
    stage_open(&s, "openai:m");
    say(&s, KIT_STORY);
    assert_false(asks(&s, &streamed, KIT_STORY_TEXT));
    say(&s, "");
    assert_true(asks(&s, &plain, KIT_STORY_TEXT));
    assert_true(asks(&s, &streamed, KIT_STORY_TEXT));
    llmf_cache_clear(s.f);
    say(&s, PLAIN("one"));
    assert_false(asks(&s, &plain, "one"));
    assert_true(asks(&s, &streamed, "one"));
    stage_close(&s);
}

static void counts(void **state) {
    llmf_request req = request("a");
    llmf_response r;
    stage s;
    int i;
    (void)state;
    stage_desc(&s);
    stage_open(&s, "anthropic:claude-sonnet-5");
    req.op = LLMF_OP_COUNT_TOKENS;
    say(&s, "{\"input_tokens\":42}");
    for (i = 0; i < 2; i++) {
        assert_int_equal(llmf_generate(s.f, s.m, &req, &r), LLMF_OK);
        assert_true(r.cached == (i == 1) && r.output && r.output->tokens == 42);
        llmf_release(s.f, &r);
        say(&s, "");
    }
    stage_close(&s);
}

/* ---- what is not kept ---- */

static void keeps_nothing(stage *s, const llmf_request *req, int code) {
    llmf_response r;
    assert_int_equal(llmf_generate(s->f, s->m, req, &r), code);
    assert_false(r.cached);
    llmf_release(s->f, &r);
    assert_int_equal(figures(s).entries, 0);
}

static void never_kept(void **state) {
    static const llmf_str texts[] = {{"x", 1}};
    llmf_request req = request("a");
    llmf_input in;
    llmf_call c;
    kit_seen seen;
    stage s;
    size_t cut, end;
    uint64_t misses;
    (void)state;
    stage_desc(&s);
    stage_open(&s, "openai:m");
    req.stream = true;
    say(&s, KIT_STORY);
    end = (size_t)(strstr(s.r.body.ptr, "\"stop\"") - s.r.body.ptr);
    for (cut = 1; cut < end; cut += end / 80) { /* before its terminal event */
        s.r.cut_at = cut;
        keeps_nothing(&s, &req, LLMF_ERR_TRUNCATED);
    }
    say(&s, KIT_STORY);
    s.r.status = 500;
    keeps_nothing(&s, &req, LLMF_ERR_SERVER);
    say(&s, KIT_STORY);
    req.flags = LLMF_DISCARD_TEXT;
    keeps_nothing(&s, &req, LLMF_OK);
    req.flags = 0;
    s.r.chunk = 40; /* cancelled in its middle */
    memset(&seen, 0, sizeof seen);
    c = llmf_start(s.f, s.m, &req);
    s.r.stall_at = 700;
    while (!seen.events) {
        llmf_poll(s.f, 0);
        kit_take(s.f, c, &seen);
    }
    llmf_cancel(s.f, c);
    assert_true(kit_run(s.f, c, &seen, 5));
    assert_int_equal(seen.code, LLMF_ERR_CANCELLED);
    llmf_free(s.f, c);
    kit_forget(&seen);
    assert_int_equal(figures(&s).entries, 0);
    assert_true(figures(&s).misses > 80);
    memset(&in, 0, sizeof in);
    in.texts = texts;
    in.text_count = 1;
    req = request(NULL);
    req.op = LLMF_OP_EMBED;
    req.input = &in;
    say(&s, "{\"data\":[{\"index\":0,\"embedding\":[1,2]}],\"model\":\"e\",\"usage\":{\"prompt_tokens\":1}}");
    misses = figures(&s).misses;
    keeps_nothing(&s, &req, LLMF_OK);
    assert_int_equal(figures(&s).misses, misses); /* embeddings do not ask */
    stage_close(&s);
}

/* A call that wants the body cannot be given what has none, but its answer can be kept; one without text takes what is kept. */
static void flags(void **state) {
    llmf_request req = request("a");
    llmf_response r;
    kit_seen seen;
    llmf_call c;
    stage s;
    (void)state;
    stage_desc(&s);
    stage_open(&s, "openai:m");
    say(&s, PLAIN("one"));
    req.flags = LLMF_KEEP_RAW;
    assert_false(asks(&s, &req, "one"));
    assert_int_equal(figures(&s).entries, 1);
    say(&s, PLAIN("two"));
    assert_int_equal(llmf_generate(s.f, s.m, &req, &r), LLMF_OK);
    assert_true(!r.cached && kit_is(r.text, "two") && r.raw.len == sizeof PLAIN("two") - 1);
    llmf_release(s.f, &r);
    req.flags = LLMF_DISCARD_TEXT;
    memset(&seen, 0, sizeof seen);
    c = llmf_start(s.f, s.m, &req);
    assert_true(kit_run(s.f, c, &seen, 5));
    assert_true(seen.response.cached && !seen.response.text.len);
    assert_string_equal(kit_cstr(&seen.text), "two");
    llmf_free(s.f, c);
    kit_forget(&seen);
    stage_close(&s);
}

/* ---- when it goes ---- */

static const char *prompt_of(int i) {
    static char text[32];
    snprintf(text, sizeof text, "prompt %d", i);
    return text;
}

static bool asks_for(stage *s, int i) {
    llmf_request req = request(prompt_of(i));
    return asks(s, &req, "one");
}

static void least_recently_used(void **state) {
    stage s;
    int i;
    (void)state;
    stage_desc(&s);
    s.d.cache_entries = 3;
    stage_open(&s, "openai:m");
    say(&s, PLAIN("one"));
    for (i = 0; i < 3; i++) assert_false(asks_for(&s, i));
    assert_true(asks_for(&s, 0)); /* now 1 is the oldest */
    assert_false(asks_for(&s, 3));
    assert_int_equal(figures(&s).entries, 3);
    assert_true(asks_for(&s, 0));
    assert_true(asks_for(&s, 2));
    assert_true(asks_for(&s, 3));
    assert_false(asks_for(&s, 1));
    assert_false(asks_for(&s, 0));
    stage_close(&s);

    stage_desc(&s); /* a thousand, unless said otherwise */
    s.d.log = NULL;
    stage_open(&s, "openai:m");
    say(&s, PLAIN("one"));
    for (i = 0; i < 1010; i++) assert_false(asks_for(&s, i));
    assert_int_equal(figures(&s).entries, 1000);
    for (i = 10; i < 1010; i++) assert_true(asks_for(&s, i));
    assert_false(asks_for(&s, 9));
    llmf_cache_clear(s.f);
    assert_true(figures(&s).entries == 0 && figures(&s).bytes == 0);
    stage_close(&s);
}

static void by_bytes(void **state) {
    kit_text body = {NULL, 0, 0};
    llmf_request req = request("large");
    llmf_response r;
    stage s;
    size_t one;
    int i;
    (void)state;
    stage_desc(&s);
    stage_open(&s, "openai:m");
    say(&s, PLAIN("one"));
    asks_for(&s, 0);
    one = figures(&s).bytes;
    assert_true(one >= sizeof(llmfi_cached) && one <= 1024);
    stage_close(&s);

    stage_desc(&s);
    s.d.cache_bytes = one * 4 + one / 2;
    stage_open(&s, "openai:m");
    say(&s, PLAIN("one"));
    for (i = 0; i < 9; i++) {
        assert_false(asks_for(&s, i));
        assert_true(figures(&s).bytes <= s.d.cache_bytes);
    }
    assert_int_equal(figures(&s).entries, 4);
    for (i = 5; i < 9; i++) assert_true(asks_for(&s, i));
    kit_adds(&body, "{\"choices\":[{\"message\":{\"content\":\""); /* what is larger than all of it pushes nothing out */
    for (i = 0; i < 4096; i++) kit_adds(&body, "x");
    kit_adds(&body, "\"},\"finish_reason\":\"stop\"}]}");
    say(&s, body.ptr);
    assert_int_equal(llmf_generate(s.f, s.m, &req, &r), LLMF_OK);
    llmf_release(s.f, &r);
    assert_int_equal(figures(&s).entries, 4);
    stage_close(&s);

    stage_desc(&s); /* never more than half of the block, whatever is asked for */
    s.d.memory_size = 1 << 20;
    s.d.cache_bytes = (size_t)-1;
    s.d.log = NULL;
    stage_open(&s, "openai:m");
    say(&s, body.ptr);
    for (i = 0; i < 200; i++) {
        req.prompt = prompt_of(i);
        assert_int_equal(llmf_generate(s.f, s.m, &req, &r), LLMF_OK);
        llmf_release(s.f, &r);
        assert_true(figures(&s).bytes <= 1 << 19);
    }
    assert_true(figures(&s).bytes > 1 << 18);
    kit_drop(&body);
    stage_close(&s);
}

static void time_to_live(void **state) {
    llmf_request req = request("a");
    stage s;
    (void)state;
    stage_desc(&s);
    s.d.cache_ttl_ms = 1000;
    stage_open(&s, "openai:m");
    say(&s, PLAIN("one"));
    assert_false(asks(&s, &req, "one"));
    s.w.now += UINT64_C(999) * 1000000;
    assert_true(asks(&s, &req, "one"));
    s.w.now += UINT64_C(1) * 1000000; /* being used has not made it younger */
    assert_false(asks(&s, &req, "one"));
    assert_int_equal(figures(&s).entries, 1);
    stage_close(&s);

    stage_desc(&s); /* none ends */
    stage_open(&s, "openai:m");
    say(&s, PLAIN("one"));
    assert_false(asks(&s, &req, "one"));
    s.w.now += UINT64_C(1000000000) * 1000000000;
    assert_true(asks(&s, &req, "one"));
    stage_close(&s);
}

/* The cache never takes memory that a call needs: what worked without it works with it, however full it is. */
static void memory_short(void **state) {
    kit_text body = {NULL, 0, 0}, large = {NULL, 0, 0};
    llmf_request req = request("a");
    llmf_response r;
    stage s;
    size_t least = 0, entries;
    int i, round;
    (void)state;
    for (i = 0; i < 100; i++) kit_adds(&body, "0123456789");
    kit_adds(&large, "{\"choices\":[{\"message\":{\"content\":\"");
    for (i = 0; i < 30; i++) kit_add(&large, body.ptr, body.len);
    kit_adds(&large, "\"},\"finish_reason\":\"stop\"}]}");
    for (round = 0; round < 2; round++) { /* the least memory that will do without a cache, and the same with it */
        stage_desc(&s);
        s.d.max_calls = 2;
        s.d.no_env = true;
        s.d.log = NULL;
        s.d.cache_mode = round ? LLMF_CACHE_ON : LLMF_CACHE_OFF;
        s.d.cache_bytes = (size_t)1 << 30;
        s.d.memory_size = round ? least : 90112;
        for (;; s.d.memory_size += 4096) {
            int code = LLMF_ERR_MEMORY;
            s.f = llmf_open(&s.d, NULL);
            s.m.id = 0;
            if (s.f) s.m = llmf_get(s.f, "openai:m", NULL);
            if (s.m.id) {
                say(&s, PLAIN("one"));
                for (i = 0; i < 300; i++) asks_for(&s, i);
                entries = figures(&s).entries;
                assert_int_equal(entries > 20, round == 1);
                say(&s, large.ptr);
                req.response_cache = LLMF_CACHE_OFF;
                code = llmf_generate(s.f, s.m, &req, &r);
                llmf_release(s.f, &r);
            }
            if (code == LLMF_OK) break;
            assert_int_equal(round, 0);
            llmf_close(s.f);
        }
        if (round) assert_true(figures(&s).entries < entries);
        least = s.d.memory_size;
        stage_close(&s);
    }
    kit_drop(&body);
    kit_drop(&large);
}

/* Each request for memory refused in turn, while answers are kept and played: a call ends well or with MEMORY, and nothing is lost. */
static void memory_refused(void **state) {
    llmf_request req = request("a");
    uint64_t nth;
    int on, well = 0, cached = 0, failed = 0;
    (void)state;
    req.stream = true;
    for (on = 0; on < 2; on++)
        for (nth = 1; nth < 80; nth++) {
            stage s;
            kit_seen seen;
            llmf_call c;
            size_t used;
            int k;
            stage_desc(&s);
            stage_open(&s, "openai:m");
            say(&s, KIT_TOOLS);
            memset(&seen, 0, sizeof seen);
            if (nth & 1) { /* kept before */
                c = llmf_start(s.f, s.m, &req);
                assert_true(kit_run(s.f, c, &seen, 5));
                llmf_free(s.f, c);
                kit_forget(&seen);
            }
            llmf_fail_memory(s.f, (nth + 1) / 2, on);
            c = llmf_start(s.f, s.m, &req);
            if (c.id) {
                assert_true(kit_run(s.f, c, &seen, 5));
                assert_true(seen.code == LLMF_OK || seen.code == LLMF_ERR_MEMORY);
                well += seen.code == LLMF_OK;
                cached += seen.response.cached && seen.code == LLMF_OK;
                failed += seen.code == LLMF_ERR_MEMORY;
                llmf_free(s.f, c);
                kit_forget(&seen);
            }
            llmf_fail_memory(s.f, 0, false);
            llmf_cache_clear(s.f);
            used = kit_used(s.f);
            for (k = 0; k < 2; k++) { /* and then all is as ever */
                c = llmf_start(s.f, s.m, &req);
                assert_true(kit_run(s.f, c, &seen, 5));
                assert_true(seen.code == LLMF_OK && seen.response.cached == (k == 1));
                llmf_free(s.f, c);
                kit_forget(&seen);
            }
            llmf_cache_clear(s.f);
            assert_true(kit_used(s.f) <= used + 8192 + 512); /* the table of the cache, and what is known of the model, where they could not be had before */
            stage_close(&s);
        }
    assert_true(well && cached && failed);
}

/* ---- a store of the program's own ---- */

static llmf_cache_store hooks(store *s) {
    llmf_cache_store c;
    memset(s, 0, sizeof *s);
    c.user = s;
    c.get = store_get;
    c.put = store_put;
    c.del = store_del;
    return c;
}

static void open_on(stage *s, const llmf_cache_store *c, int entries) {
    stage_desc(s);
    s->d.cache_store = c;
    s->d.cache_entries = entries;
    s->d.log = NULL;
    stage_open(s, "openai:m");
}

static void a_store(void **state) {
    llmf_request req = request(PROMPT);
    llmf_cache_store c;
    store mine;
    stage s;
    (void)state;
    c = hooks(&mine);
    open_on(&s, &c, 0);
    say(&s, PLAIN("one"));
    assert_false(asks(&s, &req, "one"));
    assert_true(mine.gets == 1 && mine.puts == 1 && mine.ttl_ms == 0);
    assert_true(asks(&s, &req, "one")); /* from memory */
    assert_int_equal(mine.gets, 1);
    llmf_cache_clear(s.f);
    assert_true(asks(&s, &req, "one")); /* from the store, and into memory */
    assert_true(asks(&s, &req, "one"));
    assert_true(mine.gets == 2 && mine.puts == 1 && figures(&s).entries == 1 && figures(&s).hits == 3 && figures(&s).misses == 1);
    stage_close(&s);

    open_on(&s, &c, -1); /* another program, without a memory of its own */
    say(&s, "");
    assert_true(asks(&s, &req, "one"));
    assert_true(asks(&s, &req, "one"));
    assert_true(mine.gets == 4 && figures(&s).entries == 0 && figures(&s).bytes == 0);
    req.response_cache = LLMF_CACHE_WRITE;
    say(&s, PLAIN("two"));
    assert_false(asks(&s, &req, "two"));
    req.response_cache = 0;
    assert_true(asks(&s, &req, "two"));
    assert_int_equal(mine.count, 1);
    stage_close(&s);

    c.get = NULL; /* one that only takes, and one without any hook */
    open_on(&s, &c, -1);
    say(&s, PLAIN("one"));
    assert_false(asks(&s, &req, "one"));
    c.put = NULL;
    c.del = NULL;
    assert_false(asks(&s, &req, "one"));
    stage_close(&s);
    store_drop(&mine);
}

/* A blob of the store changed at each bit, cut at each byte, of another key, another version: never an answer, and always taken away. */
static void broken_blobs(void **state) {
    llmf_request req = request("a");
    llmf_cache_store c;
    kit_text good = {NULL, 0, 0};
    unsigned char key[32], digest[32];
    store mine;
    stage s;
    size_t i;
    uint64_t age;
    (void)state;
    c = hooks(&mine);
    open_on(&s, &c, -1);
    req.stream = true;
    say(&s, KIT_TOOLS);
    assert_false(asks(&s, &req, "I look."));
    memcpy(key, mine.at[0].key, 32);
    kit_add(&good, mine.at[0].blob.ptr, mine.at[0].blob.len);
    printf("a blob of %d bytes\n", (int)good.len);
    for (i = 0; i < good.len * 8; i++) {
        good.ptr[i / 8] = (char)(good.ptr[i / 8] ^ 1 << i % 8);
        if (llmfi_cache_good(s.f, key, kit_str(""), &age) || llmfi_cache_good(s.f, key, llmfi_str(good.ptr, good.len), &age)) fail_msg("bit %d", (int)i);
        if (i % 97 == 0) { /* and through the whole of it */
            int dels = mine.dels;
            mine.at[0].blob.len = 0;
            kit_add(&mine.at[0].blob, good.ptr, good.len);
            assert_false(asks(&s, &req, "I look."));
            assert_int_equal(mine.dels, dels + 1);
        }
        good.ptr[i / 8] = (char)(good.ptr[i / 8] ^ 1 << i % 8);
    }
    for (i = 0; i < good.len; i++) {
        char *cut = (char *)malloc(i + 1); /* of exactly its size: whoever reads on is found out */
        memcpy(cut, good.ptr, i);
        assert_false(llmfi_cache_good(s.f, key, llmfi_str(cut, i), &age));
        free(cut);
    }
    assert_true(llmfi_cache_good(s.f, key, llmfi_str(good.ptr, good.len), &age));
    key[31] ^= 1;
    assert_false(llmfi_cache_good(s.f, key, llmfi_str(good.ptr, good.len), &age));
    key[31] ^= 1;
    good.ptr[7] = '2'; /* a later version, whole in itself */
    llmfi_cache_digest(key, llmfi_str(good.ptr, good.len - 32), digest);
    memcpy(good.ptr + good.len - 32, digest, 32);
    assert_false(llmfi_cache_good(s.f, key, llmfi_str(good.ptr, good.len), &age));
    kit_drop(&good);
    store_drop(&mine);
    stage_close(&s);
}

/* Whoever knows the form can make a blob whose digest is right: it may lie, but not about lengths. */
static void forged_blobs(void **state) {
    llmf_request req = request("a");
    llmf_cache_store c;
    kit_text good = {NULL, 0, 0};
    unsigned char key[32], digest[32];
    uint64_t random = 88172645463325252u, age;
    store mine;
    stage s;
    int i, taken = 0, refused = 0;
    (void)state;
    c = hooks(&mine);
    open_on(&s, &c, -1);
    req.stream = true;
    say(&s, KIT_TOOLS);
    assert_false(asks(&s, &req, "I look."));
    memcpy(key, mine.at[0].key, 32);
    kit_add(&good, mine.at[0].blob.ptr, mine.at[0].blob.len);
    say(&s, KIT_STORY);
    for (i = 0; i < 20000; i++) {
        size_t len = good.len - (i % 3 == 0 ? (size_t)(kit_random(&random) % (good.len - 48)) : 0);
        char *blob = (char *)malloc(len);
        int changes = (int)(kit_random(&random) % 4);
        memcpy(blob, good.ptr, len);
        while (changes--) {
            size_t at = 8 + (size_t)(kit_random(&random) % (len - 40));
            blob[at] = (char)(kit_random(&random) % 3 ? kit_random(&random) : UINT64_C(255));
        }
        llmfi_cache_digest(key, llmfi_str(blob, len - 32), digest);
        memcpy(blob + len - 32, digest, 32);
        if (llmfi_cache_good(s.f, key, llmfi_str(blob, len), &age)) {
            llmf_response r;
            taken++;
            mine.at[0].blob.len = 0;
            kit_add(&mine.at[0].blob, blob, len);
            assert_int_equal(llmf_generate(s.f, s.m, &req, &r), LLMF_OK);
            assert_true(r.cached);
            llmf_release(s.f, &r);
        } else {
            refused++;
        }
        free(blob);
    }
    printf("forged: %d taken, %d refused\n", taken, refused);
    assert_true(taken > 100 && refused > 1000);
    kit_drop(&good);
    store_drop(&mine);
    stage_close(&s);
}

/* In a store an answer ages by the wall's clock, as no other goes on between two programs. */
static void aging_in_a_store(void **state) {
    llmf_request req = request("a");
    llmf_cache_store c;
    store mine;
    stage s;
    int64_t start;
    (void)state;
    c = hooks(&mine);
    stage_desc(&s);
    s.d.cache_store = &c;
    s.d.cache_ttl_ms = 1000;
    stage_open(&s, "openai:m");
    start = s.wall;
    say(&s, PLAIN("one"));
    assert_false(asks(&s, &req, "one"));
    assert_int_equal(mine.ttl_ms, 1000);
    stage_close(&s);

    stage_desc(&s);
    s.d.cache_store = &c;
    s.d.cache_ttl_ms = 1000;
    stage_open(&s, "openai:m");
    say(&s, PLAIN("two"));
    s.wall = start + 600;
    assert_true(asks(&s, &req, "one"));
    s.w.now += UINT64_C(399) * 1000000; /* it was 600 old when it came into memory */
    s.wall = start + 999;
    assert_true(asks(&s, &req, "one"));
    assert_int_equal(mine.gets, 2);
    s.w.now += UINT64_C(1) * 1000000;
    s.wall = start + 1000;
    assert_false(asks(&s, &req, "two"));
    assert_true(mine.gets == 3 && mine.dels == 1 && mine.puts == 2);
    stage_close(&s);
    store_drop(&mine);
}

/* A hook that does what it must not: put off, as in a callback. */
static void a_hook_that_calls_back(void **state) {
    llmf_request req = request("a");
    llmf_cache_store c;
    llmf_event ev;
    kit_text body = {NULL, 0, 0};
    store mine;
    stage s;
    (void)state;
    c = hooks(&mine);
    open_on(&s, &c, 0);
    say(&s, PLAIN("one"));
    mine.f = s.f;
    mine.call = llmf_start(s.f, s.m, &req);
    assert_int_equal(mine.gets, 1);
    while (!mine.puts) llmf_poll(s.f, 0);
    assert_false(llmf_next(s.f, mine.call, &ev)); /* it is freed */
    llmf_poll(s.f, 0);
    assert_null(s.f->calls);

    kit_counting(&body, NULL, LLMF_MAX_QUEUED + 50); /* a call that had to stop comes to its end inside llmf_next */
    say(&s, body.ptr);
    req.prompt = "b";
    req.stream = true;
    mine.call = llmf_start(s.f, s.m, &req);
    llmf_poll(s.f, 0);
    assert_int_equal(mine.puts, 1);
    while (mine.puts == 1 && llmf_next(s.f, mine.call, &ev)) continue;
    assert_int_equal(mine.puts, 2);
    assert_false(llmf_next(s.f, mine.call, &ev));
    llmf_poll(s.f, 0);
    assert_null(s.f->calls);
    kit_drop(&body);
    stage_close(&s);
    store_drop(&mine);
}

static bool holds(const kit_text *t, const char *what) {
    size_t i, n = strlen(what);
    for (i = 0; i + n <= t->len; i++)
        if (memcmp(t->ptr + i, what, n) == 0) return true;
    return false;
}

/* Neither the key nor the prompt can be read where answers are kept, nor is a part of them in what is logged. */
static void canary(void **state) {
    static const char *const models[] = {"openai:m", "anthropic:m", "gemini:m", "ollama:m", "cohere:m"};
    static const char *const bodies[] = {
        PLAIN("fine"),
        "{\"type\":\"message\",\"model\":\"m\",\"content\":[{\"type\":\"text\",\"text\":\"fine\"}],\"stop_reason\":\"end_turn\",\"usage\":{\"input_tokens\":1,\"output_tokens\":1}}",
        "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"fine\"}]},\"finishReason\":\"STOP\"}]}",
        "{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"fine\"},\"done\":true,\"done_reason\":\"stop\"}",
        "{\"finish_reason\":\"COMPLETE\",\"message\":{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"fine\"}]}}"};
    llmf_request req = request(PROMPT);
    llmf_cache_store c;
    llmf_cache_info i;
    kit_text kept = {NULL, 0, 0};
    const llmfi_cached *e;
    store mine;
    size_t n;
    (void)state;
    c = hooks(&mine);
    req.system = "canary system 5150";
    for (n = 0; n < KIT_COUNT(models); n++) {
        stage s;
        stage_desc(&s);
        s.d.cache_store = &c;
        stage_open(&s, models[n]);
        say(&s, bodies[n]);
        assert_false(asks(&s, &req, "fine"));
        assert_true(asks(&s, &req, "fine"));
        llmf_cache(s.f, &i);
        assert_int_equal(i.entries, 1);
        e = s.f->cache.newest;
        kit_add(&kept, (const char *)e, sizeof *e + e->len);
        assert_false(holds(&s.w.log, "canary"));
        assert_false(holds(&s.w.log, SECRET));
        stage_close(&s);
    }
    assert_int_equal(mine.count, KIT_COUNT(models));
    for (n = 0; n < mine.count; n++) {
        kit_add(&kept, mine.at[n].blob.ptr, mine.at[n].blob.len);
        kit_add(&kept, (const char *)mine.at[n].key, 32);
    }
    assert_true(holds(&kept, "fine")); /* it would be found */
    assert_false(holds(&kept, "canary"));
    assert_false(holds(&kept, SECRET));
    assert_false(holds(&kept, "4f1c9e77"));
    assert_false(holds(&kept, "8812"));
    kit_drop(&kept);
    store_drop(&mine);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(modes),          cmocka_unit_test(off_by_default),  cmocka_unit_test(a_hit_is_played),  cmocka_unit_test(a_hit_teaches_nothing),
        cmocka_unit_test(cancelled),      cmocka_unit_test(what_is_the_same), cmocka_unit_test(what_is_another), cmocka_unit_test(streamed_and_plain),
        cmocka_unit_test(counts),         cmocka_unit_test(never_kept),      cmocka_unit_test(flags),            cmocka_unit_test(least_recently_used),
        cmocka_unit_test(by_bytes),       cmocka_unit_test(time_to_live),    cmocka_unit_test(memory_short),     cmocka_unit_test(memory_refused),
        cmocka_unit_test(a_store),        cmocka_unit_test(broken_blobs),    cmocka_unit_test(forged_blobs),     cmocka_unit_test(aging_in_a_store),
        cmocka_unit_test(a_hook_that_calls_back), cmocka_unit_test(canary),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
