/* Conversations that change providers: a turn that thinks and calls tools, the next one with its state, without it, with another one's, with a byte of it changed;
   the same history handed to another provider, and back again. The loopback server refuses a turn of its own that comes back without what was thought, or with that
   at another place (tests/loopback/answer.h). */
#include "kit.h"
#include "server.h"

static server the_server;

/* ---- who talks ---- */

typedef struct side {
    const char *name;              /* for llmf_get */
    const char *missing, *changed; /* of the provider's own words, where the state is not there, or not as it was */
    bool redacts;                  /* it can think without showing it */
    bool takes_reasoning;          /* readable reasoning is sent to it, whoever thought it */
} side;

static const side sides[] = {
    {"openai_responses:gpt-5.6-terra", "without its required 'reasoning' item", "could not be verified", true, false},
    {"anthropic:claude-sonnet-5", "Expected `thinking` or `redacted_thinking`", "Invalid `", true, false},
    {"gemini:gemini-3.5-flash", "missing a thought_signature", "Corrupted thought signature", false, false},
    {"bedrock:anthropic.claude-sonnet-5", "Expected `thinking` or `redacted_thinking`", "Invalid `signature`", false, false},
    {"deepseek:deepseek-v4-pro", "must be passed back", "must be passed back", false, true},
};
enum { SIDES = 5 };

/* How the first turn is asked for. */
enum { STREAMED = 1, TWO_CALLS = 2, REDACTED = 4, WAYS = 8 };

#define ONE_CALL "call weather {\"city\":\"Malm\xc3\xb6\"}"
#define SECOND_CALL "; clock {\"zone\":[1,{\"at\":\"x\"}]}"
#define THOUGHT_TEXT "First I read the question, then I weigh what is na\xc3\xafve against what is right."

static const llmf_tool tools[] = {
    {"weather", "the weather of a city", "{\"type\":\"object\",\"properties\":{\"city\":{\"type\":\"string\"}}}", false},
    {"clock", NULL, NULL, false},
};

/* ---- a conversation, which owns its texts ---- */

enum { MOST_MESSAGES = 24, MOST_CALLS = 16, MOST_TEXTS = 128 };

typedef struct talk {
    llmf_message m[MOST_MESSAGES];
    llmf_tool_call calls[MOST_CALLS];
    const side *by[MOST_MESSAGES]; /* whose turn it is; NULL: none of `sides` */
    size_t count, call_count, text_count;
    char *texts[MOST_TEXTS];
} talk;

static llmf_str kept(talk *t, llmf_str s) {
    char *copy = (char *)malloc(s.len + 1);
    assert_true(copy && t->text_count < MOST_TEXTS);
    if (s.len) memcpy(copy, s.ptr, s.len);
    copy[s.len] = '\0';
    t->texts[t->text_count++] = copy;
    s.ptr = copy;
    return s;
}

static llmf_message *more(talk *t, int role, llmf_str content) {
    llmf_message *m = &t->m[t->count++];
    assert_true(t->count <= MOST_MESSAGES);
    memset(m, 0, sizeof *m);
    m->role = role;
    m->content = kept(t, content).ptr;
    m->content_len = content.len;
    return m;
}

static void say(talk *t, const char *text) {
    more(t, LLMF_USER, kit_str(text));
}

static void take(talk *t, const llmf_response *r) {
    llmf_message *m = more(t, LLMF_ASSISTANT, r->text);
    size_t i;
    m->state = kept(t, r->state);
    m->reasoning = kept(t, r->reasoning);
    m->tool_calls = &t->calls[t->call_count];
    m->tool_call_count = r->tool_call_count;
    for (i = 0; i < r->tool_call_count; i++) {
        llmf_tool_call *c = &t->calls[t->call_count++];
        assert_true(t->call_count <= MOST_CALLS);
        *c = r->tool_calls[i];
        c->id = kept(t, c->id);
        c->name = kept(t, c->name);
        c->arguments = kept(t, c->arguments);
    }
}

/* A result for each call of the last message. */
static void answer_calls(talk *t) {
    const llmf_message *asked = &t->m[t->count - 1];
    size_t i;
    for (i = 0; i < asked->tool_call_count; i++) {
        char text[64];
        llmf_message *m;
        snprintf(text, sizeof text, "result %d of %.*s", (int)i, (int)asked->tool_calls[i].name.len, asked->tool_calls[i].name.ptr);
        m = more(t, LLMF_TOOL, kit_str(text));
        m->tool_call_id = asked->tool_calls[i].id;
    }
}

static void drop(talk *t) {
    size_t i;
    for (i = 0; i < t->text_count; i++) free(t->texts[i]);
    memset(t, 0, sizeof *t);
}

/* ---- asking ---- */

typedef struct stage {
    kit_world world;
    llmf_factory *f;
    unsigned long requests;
} stage;

static void open_stage(stage *s) {
    llmf_desc d = kit_desc(&s->world);
    llmf_error err;
    s->requests = 0;
    d.clock_ns = NULL;
    d.base_url = the_server.base;
    d.api_key = "sk-turns-0123456789";
    d.transport = "socket";
    d.log = NULL;
    s->f = llmf_open(&d, &err);
    if (!s->f) fail_msg("%s", err.text);
}

static void close_stage(stage *s) {
    llmf_close(s->f);
    kit_drop(&s->world.log);
}

static llmf_model model_of(stage *s, const char *name) {
    llmf_error err;
    llmf_model m = llmf_get(s->f, name, &err);
    if (!m.id) fail_msg("%s", err.text);
    return m;
}

static llmf_request request_of(const talk *t, bool stream) {
    llmf_request r;
    memset(&r, 0, sizeof r);
    r.messages = t->m;
    r.message_count = t->count;
    r.tools = tools;
    r.tool_count = KIT_COUNT(tools);
    r.reasoning = "low";
    r.stream = stream;
    return r;
}

/* One turn that must go well; its answer is a message more. */
static void turn_of(stage *s, const char *name, talk *t, bool stream) {
    llmf_request req = request_of(t, stream);
    llmf_response r;
    s->requests++;
    if (llmf_generate(s->f, model_of(s, name), &req, &r) != LLMF_OK) fail_msg("%s, message %d: %s", name, (int)t->count, r.error.text);
    take(t, &r);
    llmf_release(s->f, &r);
}

static void turn(stage *s, const side *a, talk *t, bool stream) {
    turn_of(s, a->name, t, stream);
    t->by[t->count - 1] = a;
}

/* One turn that the provider must refuse with HTTP 400, with `words`. ours: or our own check may have found it before. */
static void refused(stage *s, const char *name, const talk *t, bool stream, const char *words, bool ours) {
    llmf_request req = request_of(t, stream);
    llmf_response r;
    llmf_result code = llmf_generate(s->f, model_of(s, name), &req, &r);
    s->requests++;
    if (ours && code == LLMF_ERR_ARGUMENT) assert_true(kit_has(r.error.text, "state"));
    else if (code != LLMF_ERR_BAD_REQUEST || r.error.http_status != 400 || !kit_has(r.error.text, words))
        fail_msg("%s: %s, HTTP %d: %s", name, llmf_result_name(code), r.error.http_status, r.error.text);
    llmf_release(s->f, &r);
}

/* ---- what is in a state, and in a body ---- */

/* The next string value of a state that is of this turn alone, between its quotes; *at moves on. Names of members and of kinds are shorter. */
static bool next_value(llmf_str state, size_t *at, llmf_str *value) {
    enum { SHORTEST = 12 };
    static const char *const kinds[] = {"summary_text", "reasoning_content", "redacted_thinking"};
    while (*at < state.len) {
        size_t begin, end, i;
        bool kind = false;
        while (*at < state.len && state.ptr[*at] != '"') ++*at;
        begin = end = *at + 1;
        while (end < state.len && state.ptr[end] != '"') end += state.ptr[end] == '\\' ? 2 : 1;
        *at = end + 1;
        if (end >= state.len || state.ptr[end + 1] == ':') continue;
        value->ptr = state.ptr + begin;
        value->len = end - begin;
        for (i = 0; i < KIT_COUNT(kinds); i++) kind = kind || kit_is(*value, kinds[i]);
        if (value->len >= SHORTEST && !kind) return true;
    }
    return false;
}

static bool holds(llmf_str body, llmf_str part) {
    size_t i;
    for (i = 0; part.len && i + part.len <= body.len; i++)
        if (body.ptr[i] == part.ptr[0] && memcmp(body.ptr + i, part.ptr, part.len) == 0) return true;
    return false;
}

/* Texts and calls of the history stand in the request; of states those of its own turns, whole, and nothing of any other's. */
static void check_message(const side *to, const talk *t, size_t i, llmf_str body) {
    const llmf_message *m = &t->m[i];
    llmf_str value;
    bool own = t->by[i] == to;
    size_t at = 0, k, values = 0;
    if (m->role != LLMF_USER && m->content_len && !strpbrk(m->content, "\"\\\n") && !holds(body, kit_str(m->content))) fail_msg("%s: not in the body: %s", to->name, m->content);
    for (k = 0; k < m->tool_call_count; k++)
        if (!holds(body, m->tool_calls[k].name) || !holds(body, kit_str(k ? "zone" : "Malm\xc3\xb6"))) fail_msg("%s: call %d of message %d is not in the body", to->name, (int)k, (int)i);
    while (next_value(m->state, &at, &value)) {
        values++;
        if (own && !holds(body, value)) fail_msg("%s: its own state is not in the body: %.*s", to->name, (int)value.len, value.ptr);
        if (!own && !kit_is(value, THOUGHT_TEXT) && holds(body, value)) fail_msg("%s: another's state is in the body: %.*s", to->name, (int)value.len, value.ptr);
    }
    if (own && m->tool_call_count) assert_true(values != 0);
}

/* Readable thoughts, which are the same everywhere here, go where they came from only. */
static bool may_think(const side *to, const talk *t) {
    size_t i;
    for (i = 0; i < t->count; i++)
        if (t->by[i] == to) return true;
    return to->takes_reasoning;
}

static void check_body(stage *s, const side *to, const talk *t) {
    llmf_request req = request_of(t, false);
    llmf_preview p;
    size_t i;
    if (llmf_preview_request(s->f, model_of(s, to->name), &req, &p) != LLMF_OK) fail_msg("%s: %s", to->name, p.error.text);
    assert_true(llmf_json_valid(p.body, NULL));
    for (i = 0; i < t->count; i++) check_message(to, t, i, p.body);
    if (!may_think(to, t) && holds(p.body, kit_str(THOUGHT_TEXT))) fail_msg("%s: another's thoughts are in the body", to->name);
    llmf_free(s->f, p.call);
}

/* ---- the turns ---- */

static bool possible(int way, const side *a) {
    return !(way & REDACTED) || a->redacts;
}

/* Asks for the calls, and checks what came: thoughts, state, calls. */
static void first_turn(stage *s, const side *a, talk *t, int way) {
    char text[256];
    const llmf_message *m;
    snprintf(text, sizeof text, "%s" ONE_CALL "%s", way & REDACTED ? "[[redacted]] " : "", way & TWO_CALLS ? SECOND_CALL : "");
    say(t, text);
    turn(s, a, t, (way & STREAMED) != 0);
    m = &t->m[t->count - 1];
    assert_int_equal(m->tool_call_count, way & TWO_CALLS ? 2 : 1);
    assert_true(kit_is(m->tool_calls[0].name, "weather"));
    assert_true(m->state.len != 0);
    assert_true(kit_is(m->reasoning, way & REDACTED ? "" : THOUGHT_TEXT));
    answer_calls(t);
}

static void went_on(const talk *t) {
    const llmf_message *m = &t->m[t->count - 1];
    if (m->role != LLMF_ASSISTANT || !kit_has(m->content, "The tool said: result 0 of weather")) fail_msg("unexpected answer: %s", m->content);
}

static void no_states(talk *t) {
    size_t i;
    for (i = 0; i < t->count; i++) t->m[i].state = t->m[i].reasoning = kit_str("");
}

/* The same provider: with the state, without it, with one byte of it changed. */
static void same_provider(void **state) {
    stage s;
    size_t a;
    int way;
    unsigned long bytes = 0;
    (void)state;
    if (!the_server.pid) skip();
    open_stage(&s);
    for (a = 0; a < SIDES; a++)
        for (way = 0; way < WAYS; way++) {
            talk t, without;
            llmf_message *called;
            llmf_str value;
            size_t at = 0, i;
            char *state_bytes;
            if (!possible(way, &sides[a])) continue;
            memset(&t, 0, sizeof t);
            first_turn(&s, &sides[a], &t, way);
            without = t; /* borrows its texts */
            no_states(&without);
            refused(&s, sides[a].name, &without, (way & STREAMED) != 0, sides[a].missing, false);
            called = &t.m[1];
            state_bytes = (char *)(size_t)called->state.ptr;
            while (next_value(called->state, &at, &value))
                for (i = 0; i < value.len; i++) {
                    char *byte = state_bytes + (value.ptr - state_bytes) + i, old = *byte;
                    *byte = old == 'x' ? 'y' : 'x';
                    refused(&s, sides[a].name, &t, (way & STREAMED) != 0, sides[a].changed, (old & 0x80) != 0);
                    *byte = old;
                    bytes++;
                }
            turn(&s, &sides[a], &t, (way & STREAMED) != 0);
            went_on(&t);
            drop(&t);
        }
    printf("%lu bytes of states changed; %lu requests\n", bytes, s.requests);
    assert_true(bytes > 1000);
    close_stage(&s);
}

/* Two turns of the same provider: both states are needed, and each where it came from. */
static void wrong_place(void **state) {
    stage s;
    size_t a;
    int way;
    (void)state;
    if (!the_server.pid) skip();
    open_stage(&s);
    for (a = 0; a < SIDES; a++)
        for (way = 0; way < REDACTED; way++) {
            talk t;
            llmf_message *one = &t.m[1], *two;
            llmf_str first;
            memset(&t, 0, sizeof t);
            first_turn(&s, &sides[a], &t, way);
            turn(&s, &sides[a], &t, false);
            two = &t.m[t.count + 1];
            say(&t, "call weather {\"city\":\"in Malm\xc3\xb6\"}");
            turn(&s, &sides[a], &t, (way & STREAMED) != 0);
            assert_int_equal(two->tool_call_count, 1);
            answer_calls(&t);
            check_body(&s, &sides[a], &t);
            first = one->state;
            one->state = two->state;
            two->state = first;
            if (!sides[a].takes_reasoning) refused(&s, sides[a].name, &t, false, "", false); /* where it is no more than text it is the same there */
            one->state = one->reasoning = kit_str("");
            refused(&s, sides[a].name, &t, false, sides[a].missing, false);
            drop(&t);
        }
    close_stage(&s);
}

/* From one provider to another in the middle of the calls, on from there with calls of the other's own, and back. */
static void one_pair(stage *s, const side *a, const side *b, int way) {
    talk t;
    bool stream = (way & STREAMED) != 0;
    memset(&t, 0, sizeof t);
    first_turn(s, a, &t, way);
    check_body(s, b, &t);
    turn(s, b, &t, stream); /* the one has called, the other goes on */
    went_on(&t);
    first_turn(s, b, &t, b->redacts ? way : way & ~REDACTED);
    check_body(s, b, &t);
    turn(s, b, &t, !stream);
    went_on(&t);
    say(&t, "echo: back again");
    check_body(s, a, &t);
    turn(s, a, &t, stream);
    assert_string_equal(t.m[t.count - 1].content, "echo: back again");
    first_turn(s, a, &t, way);
    check_body(s, a, &t);
    turn(s, a, &t, !stream);
    went_on(&t);
    say(&t, "echo: to the other");
    check_body(s, b, &t);
    turn(s, b, &t, true);
    assert_string_equal(t.m[t.count - 1].content, "echo: to the other");
    drop(&t);
}

static void each_pair(void **state) {
    stage s;
    size_t a, b;
    int way;
    unsigned long pairs = 0;
    (void)state;
    if (!the_server.pid) skip();
    open_stage(&s);
    for (a = 0; a < SIDES; a++)
        for (b = 0; b < SIDES; b++)
            for (way = 0; way < WAYS; way++) {
                if (a == b || !possible(way, &sides[a])) continue;
                one_pair(&s, &sides[a], &sides[b], way);
                pairs++;
            }
    printf("%lu conversations between two providers; %lu requests\n", pairs, s.requests);
    assert_int_equal(pairs, 20 * 4 + 2 * 4 * 4);
    close_stage(&s);
}

/* Models that think within a budget must begin such a turn with what was thought, which nobody has behind calls of another provider: there they go on without. */
static void budgets(void **state) {
    static const char *const names[] = {"anthropic:claude-sonnet-4-5", "bedrock:anthropic.claude-sonnet-4-5-20250929-v1:0"};
    stage s;
    size_t a, b;
    int way;
    (void)state;
    if (!the_server.pid) skip();
    open_stage(&s);
    for (a = 0; a < SIDES; a++)
        for (b = 0; b < KIT_COUNT(names); b++)
            for (way = 0; way < REDACTED; way++) {
                talk t;
                memset(&t, 0, sizeof t);
                first_turn(&s, &sides[a], &t, way);
                turn_of(&s, names[b], &t, (way & STREAMED) != 0);
                went_on(&t);
                say(&t, "call weather {\"city\":\"Malm\xc3\xb6\"}"); /* a turn of its own: it thinks again */
                turn_of(&s, names[b], &t, (way & STREAMED) != 0);
                assert_true(kit_is(t.m[t.count - 1].reasoning, THOUGHT_TEXT));
                answer_calls(&t);
                turn_of(&s, names[b], &t, (way & STREAMED) != 0);
                assert_true(kit_is(t.m[t.count - 1].reasoning, THOUGHT_TEXT));
                drop(&t);
            }
    close_stage(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_provider),
        cmocka_unit_test(wrong_place),
        cmocka_unit_test(each_pair),
        cmocka_unit_test(budgets),
    };
    int failed;
    server_start(&the_server);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    server_stop(&the_server);
    return failed;
}
