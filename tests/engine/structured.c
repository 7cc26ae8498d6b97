/* Calls whose answer must keep to a schema: what is asked, how often, what is handed out; ended, short of memory and cut at every point. The world is script.h's. */
#include "script.h"

static script s;
static kit_seen seen;

#define SCHEMA "{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\",\"minLength\":1},\"mood\":{\"enum\":[\"calm\",\"angry\"]},\"age\":{\"type\":\"integer\",\"minimum\":0}}," \
    "\"required\":[\"name\",\"mood\"],\"additionalProperties\":false}"
#define ANSWER(text, in, out) "{\"id\":\"a\",\"object\":\"chat.completion\",\"model\":\"m-1\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":" text \
    "},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":" #in ",\"completion_tokens\":" #out "}}"
#define CONFIG \
    "providers:\n  p: {dialect: openai, base_url: 'http://a.test/v1', auth: none}\n" \
    "models:\n" \
    "  able: {provider: p, model_id: able-1, capabilities: [schema], input_token_cost_usd_per_million: 1, output_token_cost_usd_per_million: 2}\n" \
    "  plain: {provider: p, model_id: plain-1, input_token_cost_usd_per_million: 1, output_token_cost_usd_per_million: 2}\n"

static const char good[] = ANSWER("\"{\\\"name\\\":\\\"Ann\\\",\\\"mood\\\":\\\"calm\\\"}\"", 10, 5), bad[] = ANSWER("\"{\\\"name\\\":\\\"\\\",\\\"mood\\\":\\\"sad\\\"}\"", 100, 50),
    prose[] = ANSWER("\"I would rather not say.\"", 7, 3), fenced[] = ANSWER("\"Here:\\n```json\\n{'name': 'Ann', mood: \\\"calm\\\", // so\\n}\\n```\\nBye.\"", 10, 5),
    cut[] = "{\"choices\":[{\"message\":{\"content\":\"{\\\"mood\\\":\\\"calm\\\",\\\"age\\\":12,\\\"name\\\":\\\"An\"},\"finish_reason\":\"length\"}]}";
#define VALUE "{\"name\":\"Ann\",\"mood\":\"calm\"}"
#define STREAM_BAD KIT_CHUNK("{\"content\":\"{\\\"name\\\":\\\"A\\\",\"}") KIT_CHUNK("{\"content\":\"\\\"mood\\\":3}\"}") KIT_FINISH("stop") KIT_USAGE KIT_DONE
#define STREAM_GOOD KIT_CHUNK("{\"content\":\"{\\\"name\\\":\\\"Ann\\\",\"}") KIT_CHUNK("{\"content\":\"\\\"mood\\\":\\\"calm\\\"}\"}") KIT_FINISH("stop") KIT_USAGE KIT_DONE

static char bodies[32][4096];
static const char *const *answers;           /* the last for ever */
static int answer_count, status_at, status = 500;
static int64_t delay = 10;

static script_reply scripted(script *x, const llmf_http_request *req, int n) {
    script_reply r;
    (void)req;
    memset(&r, 0, sizeof r);
    if (n <= 32) snprintf(bodies[n - 1], sizeof bodies[0], "%s", x->body);
    r.delay_ms = delay;
    r.status = n == status_at ? status : 200;
    r.body = n == status_at ? "{\"error\":{\"message\":\"no\"}}" : answers[(n <= answer_count ? n : answer_count) - 1];
    r.piece_ms = strncmp(r.body, "data:", 5) == 0;
    return r;
}

static llmf_factory *open_with(const char *const *list, int count) {
    llmf_desc d = script_desc(&s, scripted);
    llmf_error err;
    llmf_factory *f;
    d.no_env = true;
    d.config_text = CONFIG;
    d.retry.max_retries = 2;
    answers = list;
    answer_count = count;
    status_at = 0;
    status = 500;
    delay = 10;
    f = llmf_open(&d, &err);
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

static llmf_call start(llmf_factory *f, const char *model, llmf_request *req, const llmf_json_spec *how) {
    llmf_json_spec spec;
    llmf_request plain;
    llmf_error err;
    memset(&spec, 0, sizeof spec);
    memset(&plain, 0, sizeof plain);
    if (!req) req = &plain;
    if (!req->prompt && !req->message_count) req->prompt = "Who is {{there}}?";
    spec.schema = SCHEMA;
    return llmf_start_json(f, llmf_get(f, model, &err), req, how ? how : &spec);
}

static void run(llmf_factory *f, llmf_call c) {
    assert_true(c.id != 0);
    assert_true(script_run(&s, f, c, &seen));
    assert_int_equal(seen.finals, 1);
}

static void sent(int n, const char *part) {
    if (!kit_has(bodies[n - 1], part)) fail_msg("request %d lacks %s: %s", n, part, bodies[n - 1]);
}

static void told(int code, const char *part) {
    if (seen.code != code || !kit_has(seen.error, part)) fail_msg("%d, not %d: %s", seen.code, code, seen.error);
}

static void at_once(void **state) {
    static const char *const list[] = {good};
    llmf_factory *f = open_with(list, 1);
    llmf_error err;
    size_t before;
    llmf_call c;
    (void)state;
    (void)llmf_get(f, "able", &err);
    before = kit_used(f);
    c = start(f, "able", NULL, NULL);
    run(f, c);
    told(LLMF_OK, "");
    sent(1, "\"json_schema\"");
    sent(1, "Who is {{there}}?");
    assert_false(kit_has(bodies[0], "\"system\""));
    assert_true(kit_is(seen.response.json, VALUE) && kit_is(seen.response.text, VALUE));
    assert_int_equal(seen.response.json_repaired, 0);
    assert_int_equal(seen.response.json_asked, 0);
    assert_string_equal(kit_cstr(&seen.log), "text " VALUE "\nusage\n");
    llmf_free(f, c);
    assert_int_equal(kit_used(f), before);
    close_all(f);
}

static void in_words(void **state) {
    static const char *const list[] = {fenced};
    llmf_factory *f = open_with(list, 1);
    llmf_request req;
    (void)state;
    memset(&req, 0, sizeof req);
    req.system = "You are kind.";
    run(f, start(f, "plain", &req, NULL));
    told(LLMF_OK, "");
    sent(1, "You are kind.\\n\\nAnswer with one JSON value and nothing else");
    sent(1, "\\\"minLength\\\":1");
    assert_false(kit_has(bodies[0], "json_schema"));
    assert_true(kit_is(seen.response.json, VALUE));
    assert_int_equal(seen.response.json_repaired, LLMF_JSON_FOUND | LLMF_JSON_MENDED);
    assert_true(kit_has(seen.response.text.ptr, "Bye."));
    close_all(f);
}

static void asked_again(void **state) {
    static const char *const list[] = {bad, prose, good};
    llmf_factory *f = open_with(list, 3);
    int native;
    (void)state;
    for (native = 0; native < 2; native++) {
        kit_forget(&seen);
        s.asked = 0;
        run(f, start(f, native ? "able" : "plain", NULL, NULL));
        told(LLMF_OK, "");
        assert_int_equal(s.asked, 3);
        sent(2, "\"role\":\"assistant\",\"content\":\"{\\\"name\\\":\\\"\\\",\\\"mood\\\":\\\"sad\\\"}\"");
        sent(2, "/name: must have at least 1 characters, not 0\\n/mood: must be one of calm, angry\\n");
        sent(3, "I would rather not say.");
        sent(3, "holds no JSON value");
        assert_false(kit_has(bodies[2], "sad"));
        sent(3, "Who is {{there}}?");
        sent(3, native ? "json_schema" : "Answer with one JSON value");
        assert_true(kit_is(seen.response.json, VALUE));
        assert_int_equal(seen.response.json_asked, 2);
        assert_int_equal(seen.response.usage.input, 117);
        assert_int_equal(seen.response.usage.output, 58);
        assert_true(seen.response.cost_pico == (117 + 2 * 58) * INT64_C(1000000));
        assert_int_equal(seen.response.attempt_count, 3);
        assert_int_equal(seen.response.latency_ms, 30);
        assert_true(kit_has(kit_cstr(&seen.log), "step 0 /name: must have at least 1 characters, not 0\n/mood: must be one of calm, angry\nstep 1 (root): the answer holds no JSON value\ntext " VALUE));
    }
    close_all(f);
}

/* A prompt of the config may have the schema; where an answer is broken is told. */
static void a_format(void **state) {
    static const char *const list[] = {ANSWER("\"{\\\"name\\\": \\\"Ann\\\" \\\"mood\\\": 1}\"", 1, 1), good};
    llmf_factory *f = open_with(list, 2);
    llmf_json_spec spec;
    llmf_request req;
    (void)state;
    memset(&spec, 0, sizeof spec);
    memset(&req, 0, sizeof req);
    req.format = " " SCHEMA "\n";
    run(f, start(f, "plain", &req, &spec));
    told(LLMF_OK, "");
    assert_false(kit_has(bodies[0], "response_format"));
    sent(1, "\\\"minLength\\\":1");
    sent(2, "(root): not valid JSON at line 1, column 16: , or } is expected");
    assert_true(kit_is(seen.response.json, VALUE));
    close_all(f);
}

static void never_right(void **state) {
    static const char *const list[] = {bad};
    llmf_factory *f = open_with(list, 1);
    llmf_json_spec spec;
    (void)state;
    memset(&spec, 0, sizeof spec);
    spec.schema = SCHEMA;
    for (spec.max_repeats = -1; spec.max_repeats < 4; spec.max_repeats++) {
        s.asked = 0;
        kit_forget(&seen);
        run(f, start(f, "plain", NULL, &spec));
        told(LLMF_ERR_SCHEMA, "the answer does not keep to its schema; /name: must have at least 1 characters, not 0\n/mood: must be one of");
        assert_int_equal(s.asked, spec.max_repeats < 0 ? 1 : spec.max_repeats ? spec.max_repeats + 1 : 3);
        assert_true(kit_is(seen.response.text, "{\"name\":\"\",\"mood\":\"sad\"}"));
        assert_int_equal(seen.response.json.len, 0);
    }
    close_all(f);
}

static void strict_or_cut(void **state) {
    static const char *const list[] = {cut};
    llmf_factory *f = open_with(list, 1);
    llmf_json_spec spec;
    (void)state;
    memset(&spec, 0, sizeof spec);
    spec.schema = SCHEMA;
    run(f, start(f, "able", NULL, &spec));
    told(LLMF_OK, "");
    assert_true(kit_is(seen.response.json, "{\"mood\":\"calm\",\"age\":12,\"name\":\"An\"}"));
    assert_int_equal(seen.response.json_repaired, LLMF_JSON_CUT);
    assert_int_equal(seen.finish, LLMF_FINISH_LENGTH);
    kit_forget(&seen);
    s.asked = 0;
    spec.strict = 1;
    run(f, start(f, "able", NULL, &spec));
    told(LLMF_ERR_SCHEMA, "holds no JSON value");
    assert_int_equal(s.asked, 3);
    close_all(f);
}

static void wrong_from_the_start(void **state) {
    static const char *const list[] = {good};
    static const struct {
        const char *schema, *format;
        int repeats, ask, op, code;
        const char *text;
    } rows[] = {
        {NULL, NULL, 0, 0, 0, LLMF_ERR_ARGUMENT, "llmf_json_spec.schema is NULL, and llmf_request.format is no schema"},
        {NULL, "json", 0, 0, 0, LLMF_ERR_ARGUMENT, "llmf_request.format is no schema"},
        {SCHEMA, "json", 0, 0, 0, LLMF_ERR_ARGUMENT, "without a format"},
        {SCHEMA, NULL, 17, 0, 0, LLMF_ERR_LIMIT, "LLMF_MAX_JSON_REPEATS"},
        {SCHEMA, NULL, 0, 3, 0, LLMF_ERR_ARGUMENT, "llmf_json_spec.ask"},
        {SCHEMA, NULL, 0, 0, LLMF_OP_EMBED, LLMF_ERR_ARGUMENT, "must be a chat"},
        {"{\"type\":", NULL, 0, 0, 0, LLMF_ERR_ARGUMENT, "JSON Schema: not valid JSON at line 1, column 9"},
        {"{\"properties\":{\"a/b\":{\"unevaluatedItems\":false}}}", NULL, 0, 0, 0, LLMF_ERR_UNSUPPORTED, "JSON Schema, /properties/a~1b: unevaluatedItems is not built in"},
        {"{\"$ref\":\"http://a/b\"}", NULL, 0, 0, 0, LLMF_ERR_UNSUPPORTED, "JSON Schema, /$ref: http://a/b is another document"},
        {"{\"$ref\":\"#/$defs/x\"}", NULL, 0, 0, 0, LLMF_ERR_UNSUPPORTED, "#/$defs/x is not in this schema"},
        {"{\"items\":{\"type\":\"text\"}}", NULL, 0, 0, 0, LLMF_ERR_ARGUMENT, "JSON Schema, /items/type: must be null, boolean"},
        {"{\"items\":[{}]}", NULL, 0, 0, 0, LLMF_ERR_ARGUMENT, "prefixItems"},
        {"{\"minLength\":-1}", NULL, 0, 0, 0, LLMF_ERR_ARGUMENT, "/minLength: must be a whole number"},
        {"{\"pattern\":\"(?=a)\"}", NULL, 0, 0, 0, LLMF_ERR_UNSUPPORTED, "/pattern: the pattern looks around"},
        {"{\"minimun\":1}", NULL, 0, 0, 0, LLMF_ERR_UNSUPPORTED, "(root): minimun is not built in"},
    };
    llmf_factory *f = open_with(list, 1);
    size_t i;
    (void)state;
    for (i = 0; i < KIT_COUNT(rows); i++) {
        llmf_json_spec spec;
        llmf_request req;
        memset(&spec, 0, sizeof spec);
        memset(&req, 0, sizeof req);
        spec.schema = rows[i].schema;
        spec.max_repeats = rows[i].repeats;
        spec.ask = rows[i].ask;
        req.format = rows[i].format;
        req.op = rows[i].op;
        kit_forget(&seen);
        run(f, start(f, "able", &req, &spec));
        told(rows[i].code, rows[i].text);
    }
    assert_int_equal(s.asked, 0);
    assert_int_equal(llmf_start_json(f, llmf_get(f, "able", NULL), NULL, NULL).id, 0);
    kit_forget(&seen);
    {
        llmf_model none = {0};
        llmf_json_spec spec;
        llmf_request req = kit_request(false);
        memset(&spec, 0, sizeof spec);
        spec.schema = SCHEMA;
        run(f, llmf_start_json(f, none, &req, &spec));
        told(LLMF_ERR_STALE, "the model handle is 0");
    }
    close_all(f);
}

static void tools_and_refusals(void **state) {
    static const char *const list[] = {"{\"choices\":[{\"message\":{\"content\":null,\"refusal\":\"I will not.\"},\"finish_reason\":\"stop\"}]}", KIT_TOOLS};
    llmf_factory *f = open_with(list, 2);
    llmf_tool tool;
    llmf_request req;
    (void)state;
    run(f, start(f, "able", NULL, NULL));
    told(LLMF_ERR_CONTENT_FILTER, "the model refused");
    assert_true(kit_is(seen.response.refusal, "I will not."));
    memset(&tool, 0, sizeof tool);
    memset(&req, 0, sizeof req);
    kit_forget(&seen);
    tool.name = "look";
    req.tools = &tool;
    req.tool_count = 1;
    req.stream = true;
    run(f, start(f, "able", &req, NULL));
    told(LLMF_OK, "");
    assert_int_equal(seen.response.tool_call_count, 2);
    assert_int_equal(seen.response.json.len, 0);
    close_all(f);
}

/* A fault of the server is met as in any call, and does not count as an answer. */
static void a_fault_in_between(void **state) {
    static const char *const list[] = {bad, bad, good};
    llmf_factory *f = open_with(list, 3);
    (void)state;
    status_at = 2;
    run(f, start(f, "able", NULL, NULL));
    told(LLMF_OK, "");
    assert_int_equal(s.asked, 3);
    assert_int_equal(seen.response.json_asked, 1);
    assert_int_equal(seen.response.attempt_count, 3);
    close_all(f);
}

/* A provider that will not have the schema is asked in words, once; that counts as no answer. */
static void the_schema_is_refused(void **state) {
    static const char *const list[] = {bad, bad, good};
    llmf_factory *f = open_with(list, 3);
    llmf_json_spec spec;
    size_t before;
    llmf_call c;
    (void)state;
    (void)llmf_get(f, "able", NULL);
    before = kit_used(f);
    memset(&spec, 0, sizeof spec);
    spec.schema = SCHEMA;
    spec.max_repeats = 1;
    status_at = 1;
    status = 400;
    c = start(f, "able", NULL, &spec);
    run(f, c);
    told(LLMF_OK, "");
    assert_int_equal(s.asked, 3);
    sent(1, "json_schema");
    assert_false(kit_has(bodies[1], "json_schema"));
    sent(2, "Answer with one JSON value");
    assert_false(kit_has(bodies[1], "cannot be used"));
    sent(3, "cannot be used");
    assert_int_equal(seen.response.json_asked, 1);
    assert_int_equal(seen.response.attempt_count, 3);
    assert_int_equal(seen.response.attempts[0].http_status, 400);
    assert_int_equal(seen.response.usage.input, 110);
    assert_true(kit_has(kit_cstr(&seen.log), "step 0 "));
    llmf_free(f, c);
    assert_in_range(kit_used(f), before, before + 4096);
    kit_forget(&seen);
    s.asked = 0;
    spec.ask = LLMF_ASK_NATIVE;
    run(f, start(f, "able", NULL, &spec));
    told(LLMF_ERR_BAD_REQUEST, "");
    assert_int_equal(s.asked, 1);
    close_all(f);
}

static void a_total_time(void **state) {
    static const char *const list[] = {bad};
    llmf_factory *f = open_with(list, 1);
    llmf_request req;
    (void)state;
    memset(&req, 0, sizeof req);
    req.timeouts.total_ms = 15;
    run(f, start(f, "able", &req, NULL));
    told(LLMF_ERR_TIMEOUT, "timeout, total");
    close_all(f);
}

static void blocking(void **state) {
    static const char *const list[] = {bad, good};
    llmf_factory *f = open_with(list, 2);
    llmf_json_spec spec;
    llmf_request req = kit_request(false);
    llmf_response r;
    (void)state;
    memset(&spec, 0, sizeof spec);
    spec.schema = SCHEMA;
    delay = 0;
    assert_int_equal(llmf_generate_json(f, llmf_get(f, "able", NULL), &req, &spec, &r), LLMF_OK);
    assert_true(kit_is(r.json, VALUE));
    assert_int_equal(r.json_asked, 1);
    llmf_release(f, &r);
    assert_int_equal(llmf_generate_json(f, llmf_get(f, "able", NULL), &req, NULL, &r), LLMF_ERR_ARGUMENT);
    assert_true(kit_has(r.error.text, "spec is NULL"));
    assert_int_equal(llmf_generate_json(NULL, llmf_get(f, "able", NULL), &req, &spec, &r), LLMF_ERR_ARGUMENT);
    close_all(f);
}

/* ---- a struct that fills while the answer comes ---- */

typedef struct npc {
    char name[16];
    int mood;
} npc;

static const llmf_field npc_fields[] = {LLMF_FIELD(npc, name, STRING), LLMF_FIELD_ENUM(npc, mood, "calm|angry"), {0}};
static llmf_json_stream filling;
static npc filled;
static char heard[512];

static int fills(void *user, const llmf_event *ev) {
    kit_see((kit_seen *)user, ev);
    if (ev->type == LLMF_EVENT_STEP || !filling.fields) {
        memset(&filling, 0, sizeof filling);
        memset(&filled, 0, sizeof filled);
        filling.fields = npc_fields;
        filling.to = &filled;
    }
    if (ev->type == LLMF_EVENT_TEXT) {
        int rc = llmf_json_feed(&filling, ev->text);
        snprintf(heard + strlen(heard), sizeof heard - strlen(heard), "%d %s %d;", rc, filled.name, filled.mood);
    }
    return LLMF_CONTINUE;
}

static void a_struct_that_fills(void **state) {
    static const char *const list[] = {STREAM_BAD, STREAM_GOOD};
    llmf_factory *f = open_with(list, 2);
    llmf_request req;
    llmf_call c;
    int i;
    (void)state;
    memset(&req, 0, sizeof req);
    req.stream = true;
    req.on_event = fills;
    req.on_event_user = &seen;
    c = start(f, "able", &req, NULL);
    for (i = 0; i < 1000 && !seen.finals; i++) script_step(&s, f);
    told(LLMF_OK, "");
    assert_string_equal(heard, "0 A 0;-25 A 0;0 Ann 0;1 Ann 0;");
    assert_string_equal(kit_cstr(&seen.log), "text {\"name\":\"A\",\ntext \"mood\":3}\nstep 0 /mood: must be one of calm, angry\ntext {\"name\":\"Ann\",\ntext \"mood\":\"calm\"}\nusage\n");
    llmf_free(f, c);
    close_all(f);
}

/* ---- ended in the middle ---- */

static void cancelled_at_every_moment(void **state) {
    static const char *const list[] = {STREAM_BAD, STREAM_GOOD};
    int free_it, at, steps;
    (void)state;
    for (free_it = 0; free_it < 2; free_it++) {
        bool over = false;
        for (at = 0; !over; at++) {
            llmf_factory *f = open_with(list, 2);
            llmf_request req;
            size_t before;
            llmf_call c;
            (void)llmf_get(f, "able", NULL);
            before = kit_used(f);
            memset(&req, 0, sizeof req);
            req.stream = true;
            c = start(f, "able", &req, NULL);
            for (steps = 0; steps < at && !over; steps++) {
                script_step(&s, f);
                kit_take(f, c, &seen);
                over = seen.finals != 0;
            }
            if (!free_it && !over) {
                assert_int_equal(llmf_cancel(f, c), LLMF_OK);
                kit_take(f, c, &seen);
                told(LLMF_ERR_CANCELLED, "cancelled by the caller");
            }
            if (!free_it || over) assert_int_equal(seen.finals, 1);
            llmf_free(f, c);
            assert_int_equal(s.under_way, 0);
            assert_int_equal(kit_used(f), before);
            close_all(f);
        }
        assert_in_range(at, 8, 200);
    }
}

static void short_of_memory(void **state) {
    static const char *const list[] = {STREAM_BAD, STREAM_GOOD};
    uint64_t nth, on;
    (void)state;
    for (on = 0; on < 2; on++) {
        bool through = false;
        for (nth = 1; !through; nth++) {
            llmf_factory *f = open_with(list, 2);
            llmf_request req;
            size_t before;
            llmf_call c;
            (void)llmf_get(f, "able", NULL);
            before = kit_used(f);
            memset(&req, 0, sizeof req);
            req.stream = true;
            llmf_fail_memory(f, nth, on != 0);
            c = start(f, "able", &req, NULL);
            if (c.id) {
                assert_true(script_run(&s, f, c, &seen));
                assert_int_equal(seen.finals, 1);
                through = seen.code == LLMF_OK && f->heap.fail_at > f->heap.requests;
                if (seen.code != LLMF_OK) told(LLMF_ERR_MEMORY, "raise llmf_desc.memory_size");
                else assert_true(kit_is(seen.response.json, VALUE));
            }
            llmf_fail_memory(f, 0, false);
            llmf_free(f, c);
            if (!on) assert_in_range(kit_used(f), before, before + 4096);
            close_all(f);
            assert_true(nth < 1000);
        }
        assert_true(nth > 12);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(at_once), cmocka_unit_test(in_words), cmocka_unit_test(asked_again), cmocka_unit_test(a_format), cmocka_unit_test(never_right), cmocka_unit_test(strict_or_cut),
        cmocka_unit_test(wrong_from_the_start), cmocka_unit_test(tools_and_refusals), cmocka_unit_test(a_fault_in_between), cmocka_unit_test(the_schema_is_refused), cmocka_unit_test(a_total_time), cmocka_unit_test(blocking),
        cmocka_unit_test(a_struct_that_fills), cmocka_unit_test(cancelled_at_every_moment), cmocka_unit_test(short_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
