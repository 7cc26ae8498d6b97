#include <math.h>
#include "reply_log.h"
#include "../../providers/openai.h"

static llmf_str s(const char *text) {
    return llmfi_cstr(text);
}

/* ==== requests ==== */

static char node_block[1 << 18];
static llmfi_heap node_heap;
static llmfi_arena node_arena;

static const llmfi_node *node(const char *json) {
    llmfi_parse_error e;
    const llmfi_node *n = json ? llmfi_json_parse(&node_arena, s(json), &e, false) : NULL;
    assert_true(!json || n);
    return n;
}

/* What a case sets besides the plain one: model "m", one user message "hi". */
typedef struct ask_case {
    uint32_t quirks;
    void (*set)(llmf_request *q);
    const char *format, *extra, *model_extra, *body;
} ask_case;

static const llmf_message hi[] = { { LLMF_USER, "hi", 2, NULL, 0, NULL, 0, { "", 0 }, { "", 0 }, { "", 0 }, { "", 0 }, false } };
static const llmf_tool tools[] = { { "add", "adds", "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"number\"}},\"required\":[\"a\"]}", false }, { "now", NULL, NULL, true } };

static void set_none(llmf_request *q) {
    (void)q;
}

static void set_sampling(llmf_request *q) {
    static const char *const stop[] = { "\n", "END" };
    q->temperature = LLMF_ZERO;
    q->top_p = 0.9;
    q->max_tokens = 256;
    q->stop = stop;
    q->stop_count = 2;
    q->seed = -7;
    q->use_seed = true;
    q->user = "u1";
}

static void set_ones(llmf_request *q) {
    q->temperature = 1;
    q->top_p = 1;
    q->max_tokens = 9;
}

static void set_stream(llmf_request *q) {
    q->stream = true;
}

static void set_system(llmf_request *q) {
    q->system = "Be \"brief\".\nÜ";
    q->system_len = strlen(q->system);
}

static void set_low(llmf_request *q) {
    q->reasoning = "low";
}

static void set_no_reasoning(llmf_request *q) {
    q->reasoning = "none";
}

static void set_tokens(llmf_request *q) {
    q->reasoning = "4096 tokens";
}

static void set_tools(llmf_request *q) {
    q->tools = tools;
    q->tool_count = 2;
}

static void set_required(llmf_request *q) {
    set_tools(q);
    q->tool_count = 1;
    q->tool_choice = "required";
    q->parallel_tool_calls = LLMF_NO;
}

static void set_named(llmf_request *q) {
    set_tools(q);
    q->tool_count = 1;
    q->tool_choice = "add";
    q->parallel_tool_calls = LLMF_YES;
}

static void set_json(llmf_request *q) {
    q->format = "json";
}

static void set_turns(llmf_request *q) {
    static const llmf_tool_call calls[] = { { { "c1", 2 }, { "add", 3 }, { "{\"a\":1}", 7 }, false }, { { "c2", 2 }, { "now", 3 }, { "", 0 }, false } };
    static llmf_message m[6];
    memset(m, 0, sizeof m);
    m[0].role = LLMF_SYSTEM, m[0].content = "sys", m[0].content_len = 3;
    m[1].role = LLMF_USER, m[1].content = "add", m[1].content_len = 3;
    m[2].role = LLMF_ASSISTANT, m[2].tool_calls = calls, m[2].tool_call_count = 2, m[2].reasoning = s("I thought");
    m[3].role = LLMF_TOOL, m[3].content = "2", m[3].content_len = 1, m[3].tool_call_id = s("c1"), m[3].name = s("add");
    m[4].role = LLMF_TOOL, m[4].content = "", m[4].tool_call_id = s("c2"), m[4].is_error = true;
    m[5].role = LLMF_ASSISTANT, m[5].content = "two", m[5].content_len = 3;
    m[5].state = s("openai/host:{\"reasoning_content\":\"th\\u00e9\",\"x\":1,\"reasoning_details\":[{\"type\":\"reasoning.encrypted\",\"data\":\"e\"}]}");
    q->messages = m;
    q->message_count = 6;
}

/* A turn with a call that another provider made, so without reasoning; and names of who speaks. */
static void set_foreign_turn(llmf_request *q) {
    static const llmf_tool_call call[] = { { { "k", 1 }, { "now", 3 }, { "{}", 2 }, false } };
    static llmf_message m[4];
    memset(m, 0, sizeof m);
    m[0].role = LLMF_USER, m[0].content = "when", m[0].content_len = 4, m[0].name = s("ann");
    m[1].role = LLMF_ASSISTANT, m[1].tool_calls = call, m[1].tool_call_count = 1, m[1].name = s("bob");
    m[2].role = LLMF_TOOL, m[2].content = "noon", m[2].content_len = 4, m[2].tool_call_id = s("k"), m[2].name = s("now");
    m[3].role = LLMF_ASSISTANT, m[3].content = "noon", m[3].content_len = 4;
    q->messages = m;
    q->message_count = 4;
}

static void set_other_state(llmf_request *q) {
    static llmf_message m[4];
    memset(m, 0, sizeof m);
    m[0].role = m[1].role = m[2].role = m[3].role = LLMF_ASSISTANT;
    m[0].content = m[1].content = m[2].content = m[3].content = "a";
    m[0].content_len = m[1].content_len = m[2].content_len = m[3].content_len = 1;
    m[0].state = s("openai/other:{\"reasoning_content\":\"x\"}");
    m[1].state = s("openai/host:{\"reasoning_content\":\"x\"");
    m[2].state = s("anthropic/host:{\"reasoning_content\":\"x\"}");
    m[3].state = s("openai/host2:{\"reasoning_content\":\"x\"}");
    q->messages = m;
    q->message_count = 4;
}

static void set_parts(llmf_request *q) {
    static llmf_part p[6], one[1];
    static llmf_message m[2];
    memset(p, 0, sizeof p);
    memset(one, 0, sizeof one);
    memset(m, 0, sizeof m);
    p[0].type = LLMF_PART_TEXT, p[0].text = "and", p[0].text_len = 3;
    p[1].type = LLMF_PART_IMAGE, p[1].url = "https://x/y.png", p[1].detail = "low";
    p[2].type = LLMF_PART_IMAGE, p[2].data = "\x89PNG....", p[2].data_len = 8;
    p[3].type = LLMF_PART_AUDIO, p[3].data = "abc", p[3].data_len = 3, p[3].media_type = "audio/x-wav";
    p[4].type = LLMF_PART_AUDIO, p[4].url = "data:audio/mpeg;base64,AAAA";
    p[5].type = LLMF_PART_FILE, p[5].data = "%PDF-", p[5].data_len = 5, p[5].name = "a.pdf";
    one[0].type = LLMF_PART_TEXT, one[0].text = "alone", one[0].text_len = 5;
    m[0].role = LLMF_USER, m[0].content = "see", m[0].content_len = 3, m[0].parts = p, m[0].part_count = 6;
    m[1].role = LLMF_USER, m[1].parts = one, m[1].part_count = 1;
    q->messages = m;
    q->message_count = 2;
    q->system = "S";
    q->system_len = 1;
}

static void set_late_user(llmf_request *q) {
    static llmf_message m[2];
    memset(m, 0, sizeof m);
    m[0].role = LLMF_ASSISTANT, m[0].content = "a", m[0].content_len = 1;
    m[1].role = LLMF_USER;
    set_system(q);
    q->messages = m;
    q->message_count = 2;
}

static void set_no_user(llmf_request *q) {
    set_late_user(q);
    q->message_count = 1;
}

static void set_schemas(llmf_request *q) {
    set_required(q);
    q->tool_choice = NULL;
    q->parallel_tool_calls = LLMF_UNSET;
    q->stream = true;
    set_sampling(q);
}

#define HI "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"
#define ADD "{\"type\":\"function\",\"function\":{\"name\":\"add\",\"description\":\"adds\",\"parameters\":{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"number\"}},\"required\":[\"a\"]}}}"
#define CALLS "\"tool_calls\":[{\"id\":\"c1\",\"type\":\"function\",\"function\":{\"name\":\"add\",\"arguments\":\"{\\\"a\\\":1}\"}},{\"id\":\"c2\",\"type\":\"function\",\"function\":{\"name\":\"now\",\"arguments\":\"{}\"}}]"
#define RESULTS "{\"role\":\"tool\",\"tool_call_id\":\"c1\",\"content\":\"2\"},{\"role\":\"tool\",\"tool_call_id\":\"c2\",\"content\":\"\"}"
#define CLOSED "{\"type\":\"object\",\"title\":\"My Answer!\",\"properties\":{\"a\":{\"type\":\"string\"},\"b\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{\"title\":{\"enum\":[1]}},\"required\":[\"title\"]"
#define CLOSED_END "}}},\"required\":[\"a\",\"b\"]"

static const ask_case asks[] = {
    { 0, set_none, NULL, NULL, NULL, "{\"model\":\"m\"," HI "}" },
    { 0, set_sampling, NULL, NULL, NULL,
      "{\"model\":\"m\",\"max_tokens\":256,\"temperature\":0,\"top_p\":0.9,\"stop\":[\"\\n\",\"END\"],\"seed\":-7,\"user\":\"u1\"," HI "}" },
    { LLMFI_Q_MAX_COMPLETION_TOKENS | LLMFI_Q_RANDOM_SEED | LLMFI_Q_NO_USER_FIELD, set_sampling, NULL, NULL, NULL,
      "{\"model\":\"m\",\"max_completion_tokens\":256,\"temperature\":0,\"top_p\":0.9,\"stop\":[\"\\n\",\"END\"],\"random_seed\":-7," HI "}" },
    { LLMFI_Q_NO_SAMPLING, set_ones, NULL, NULL, NULL, "{\"model\":\"m\",\"max_tokens\":9," HI "}" },
    { 0, set_stream, NULL, NULL, NULL, "{\"model\":\"m\",\"stream\":true,\"stream_options\":{\"include_usage\":true}," HI "}" },
    { LLMFI_Q_NO_STREAM_OPTIONS, set_stream, NULL, NULL, NULL, "{\"model\":\"m\",\"stream\":true," HI "}" },
    /* the system text */
    { 0, set_system, NULL, NULL, NULL,
      "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"Be \\\"brief\\\".\\n\xc3\x9c\"},{\"role\":\"user\",\"content\":\"hi\"}]}" },
    { LLMFI_Q_DEVELOPER_ROLE, set_system, NULL, NULL, NULL,
      "{\"model\":\"m\",\"messages\":[{\"role\":\"developer\",\"content\":\"Be \\\"brief\\\".\\n\xc3\x9c\"},{\"role\":\"user\",\"content\":\"hi\"}]}" },
    { LLMFI_Q_SYSTEM_AS_USER, set_system, NULL, NULL, NULL, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"Be \\\"brief\\\".\\n\xc3\x9c\\n\\nhi\"}]}" },
    { LLMFI_Q_SYSTEM_AS_USER, set_late_user, NULL, NULL, NULL,
      "{\"model\":\"m\",\"messages\":[{\"role\":\"assistant\",\"content\":\"a\"},{\"role\":\"user\",\"content\":\"Be \\\"brief\\\".\\n\xc3\x9c\"}]}" },
    { LLMFI_Q_SYSTEM_AS_USER, set_no_user, NULL, NULL, NULL,
      "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"Be \\\"brief\\\".\\n\xc3\x9c\"},{\"role\":\"assistant\",\"content\":\"a\"}]}" },
    /* reasoning */
    { 0, set_low, NULL, NULL, NULL, "{\"model\":\"m\",\"reasoning_effort\":\"low\"," HI "}" },
    { LLMFI_Q_REASONING_OBJECT, set_low, NULL, NULL, NULL, "{\"model\":\"m\",\"reasoning\":{\"effort\":\"low\"}," HI "}" },
    { LLMFI_Q_REASONING_OBJECT, set_tokens, NULL, NULL, NULL, "{\"model\":\"m\",\"reasoning\":{\"max_tokens\":4096}," HI "}" },
    { LLMFI_Q_THINKING_OBJECT, set_low, NULL, NULL, NULL, "{\"model\":\"m\",\"thinking\":{\"type\":\"enabled\"}," HI "}" },
    { LLMFI_Q_THINKING_OBJECT, set_no_reasoning, NULL, NULL, NULL, "{\"model\":\"m\",\"thinking\":{\"type\":\"disabled\"}," HI "}" },
    { LLMFI_Q_THINKING_OBJECT | LLMFI_Q_THINKING_EFFORT, set_low, NULL, NULL, NULL, "{\"model\":\"m\",\"thinking\":{\"type\":\"enabled\"},\"reasoning_effort\":\"low\"," HI "}" },
    { LLMFI_Q_THINKING_OBJECT | LLMFI_Q_THINKING_EFFORT, set_no_reasoning, NULL, NULL, NULL, "{\"model\":\"m\",\"thinking\":{\"type\":\"disabled\"}," HI "}" },
    { LLMFI_Q_THINKING_OBJECT | LLMFI_Q_THINKING_EFFORT, set_low, NULL, "{\"thinking\":{\"keep\":1}}", NULL,
      "{\"model\":\"m\",\"reasoning_effort\":\"low\"," HI ",\"thinking\":{\"keep\":1}}" },
    { LLMFI_Q_THINKING_OBJECT | LLMFI_Q_THINKING_EFFORT, set_low, NULL, "{\"reasoning_effort\":\"max\"}", NULL,
      "{\"model\":\"m\",\"thinking\":{\"type\":\"enabled\"}," HI ",\"reasoning_effort\":\"max\"}" },
    { LLMFI_Q_ENABLE_THINKING, set_tokens, NULL, NULL, NULL, "{\"model\":\"m\",\"enable_thinking\":true,\"thinking_budget\":4096," HI "}" },
    { LLMFI_Q_ENABLE_THINKING, set_no_reasoning, NULL, NULL, NULL, "{\"model\":\"m\",\"enable_thinking\":false," HI "}" },
    { LLMFI_Q_NO_REASONING, set_no_reasoning, NULL, NULL, NULL, "{\"model\":\"m\"," HI "}" },
    /* tools */
    { 0, set_tools, NULL, NULL, NULL,
      "{\"model\":\"m\"," HI ",\"tools\":[" ADD ",{\"type\":\"function\",\"function\":{\"name\":\"now\",\"parameters\":{\"type\":\"object\",\"properties\":{},"
      "\"additionalProperties\":false},\"strict\":true}}]}" },
    { LLMFI_Q_NO_STRICT, set_tools, NULL, NULL, NULL,
      "{\"model\":\"m\"," HI ",\"tools\":[" ADD ",{\"type\":\"function\",\"function\":{\"name\":\"now\",\"parameters\":{\"type\":\"object\",\"properties\":{},"
      "\"additionalProperties\":false}}}]}" },
    { 0, set_required, NULL, NULL, NULL, "{\"model\":\"m\"," HI ",\"tools\":[" ADD "],\"tool_choice\":\"required\",\"parallel_tool_calls\":false}" },
    { LLMFI_Q_TOOL_ANY, set_required, NULL, NULL, NULL, "{\"model\":\"m\"," HI ",\"tools\":[" ADD "],\"tool_choice\":\"any\",\"parallel_tool_calls\":false}" },
    { LLMFI_Q_NO_PARALLEL_FIELD, set_named, NULL, NULL, NULL,
      "{\"model\":\"m\"," HI ",\"tools\":[" ADD "],\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"add\"}}}" },
    /* turns, and what goes back with them */
    { 0, set_turns, NULL, NULL, NULL,
      "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"sys\"},{\"role\":\"user\",\"content\":\"add\"},{\"role\":\"assistant\",\"content\":null," CALLS "},"
      RESULTS ",{\"role\":\"assistant\",\"content\":\"two\"}]}" },
    { LLMFI_Q_BACK_REASONING_CONTENT, set_turns, NULL, NULL, NULL,
      "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"sys\"},{\"role\":\"user\",\"content\":\"add\"},{\"role\":\"assistant\",\"content\":null,"
      "\"reasoning_content\":\"I thought\"," CALLS "}," RESULTS ",{\"role\":\"assistant\",\"content\":\"two\",\"reasoning_content\":\"th\\u00e9\",\"reasoning_details\":"
      "[{\"type\":\"reasoning.encrypted\",\"data\":\"e\"}]}]}" },
    { LLMFI_Q_BACK_REASONING, set_turns, NULL, "{\"messages\":[]}", NULL, "{\"model\":\"m\",\"messages\":[]}" },
    { LLMFI_Q_BACK_REASONING_CONTENT, set_foreign_turn, NULL, NULL, NULL,
      "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"name\":\"ann\",\"content\":\"when\"},{\"role\":\"assistant\",\"name\":\"bob\",\"content\":null,"
      "\"reasoning_content\":\"\",\"tool_calls\":[{\"id\":\"k\",\"type\":\"function\",\"function\":{\"name\":\"now\",\"arguments\":\"{}\"}}]},"
      "{\"role\":\"tool\",\"tool_call_id\":\"k\",\"content\":\"noon\"},{\"role\":\"assistant\",\"content\":\"noon\"}]}" },
    { LLMFI_Q_BACK_REASONING, set_foreign_turn, NULL, NULL, NULL,
      "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"name\":\"ann\",\"content\":\"when\"},{\"role\":\"assistant\",\"name\":\"bob\",\"content\":null,"
      "\"tool_calls\":[{\"id\":\"k\",\"type\":\"function\",\"function\":{\"name\":\"now\",\"arguments\":\"{}\"}}]},"
      "{\"role\":\"tool\",\"tool_call_id\":\"k\",\"content\":\"noon\"},{\"role\":\"assistant\",\"content\":\"noon\"}]}" },
    { LLMFI_Q_BACK_REASONING_CONTENT, set_other_state, NULL, NULL, NULL,
      "{\"model\":\"m\",\"messages\":[{\"role\":\"assistant\",\"content\":\"a\"},{\"role\":\"assistant\",\"content\":\"a\"},{\"role\":\"assistant\",\"content\":\"a\"},"
      "{\"role\":\"assistant\",\"content\":\"a\"}]}" },
    /* parts */
    { 0, set_parts, NULL, NULL, NULL,
      "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"S\"},{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"see\"},{\"type\":\"text\",\"text\":\"and\"},"
      "{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://x/y.png\",\"detail\":\"low\"}},{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,iVBORy4uLi4=\"}},"
      "{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"YWJj\",\"format\":\"wav\"}},{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"AAAA\",\"format\":\"mp3\"}},"
      "{\"type\":\"file\",\"file\":{\"filename\":\"a.pdf\",\"file_data\":\"data:application/pdf;base64,JVBERi0=\"}}]},{\"role\":\"user\",\"content\":\"alone\"}]}" },
    { LLMFI_Q_SYSTEM_AS_USER, set_parts, NULL, "{\"messages\":7,\"model\":null}", NULL, "{\"messages\":7,\"model\":null}" },
    /* formats */
    { 0, set_json, NULL, NULL, NULL, "{\"model\":\"m\",\"response_format\":{\"type\":\"json_object\"}," HI "}" },
    { 0, set_none, CLOSED CLOSED_END "}", NULL, NULL,
      "{\"model\":\"m\",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"My_Answer_\",\"strict\":true,\"schema\":" CLOSED ",\"additionalProperties\":false" CLOSED_END
      ",\"additionalProperties\":false}}}," HI "}" },
    { 0, set_none, "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}}}", NULL, NULL,
      "{\"model\":\"m\",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"response\",\"strict\":false,\"schema\":{\"type\":\"object\",\"properties\":{\"a\":"
      "{\"type\":\"string\"}}}}}," HI "}" },
    { LLMFI_Q_NO_SCHEMA, set_none, "{\"type\":\"object\"}", NULL, NULL, "{\"model\":\"m\",\"response_format\":{\"type\":\"json_object\"}," HI "}" },
    /* extra members replace ours; the request's win over the model's */
    { 0, set_schemas, NULL, "{\"temperature\":0.25,\"top_k\":[1,{\"a\":null}],\"stream_options\":null}", "{\"top_k\":9,\"user\":\"model\",\"max_completion_tokens\":5,\"\\u00e9\":\"\\n\"}",
      "{\"model\":\"m\",\"stream\":true,\"top_p\":0.9,\"stop\":[\"\\n\",\"END\"],\"seed\":-7," HI ",\"tools\":[" ADD "],\"user\":\"model\",\"max_completion_tokens\":5,"
      "\"\xc3\xa9\":\"\\n\",\"temperature\":0.25,\"top_k\":[1,{\"a\":null}],\"stream_options\":null}" },
    { 0, set_required, NULL, "{\"tools\":[],\"tool_choice\":\"auto\",\"parallel_tool_calls\":1}", NULL, "{\"model\":\"m\"," HI ",\"tools\":[],\"tool_choice\":\"auto\",\"parallel_tool_calls\":1}" },
};

typedef struct ask_made {
    llmf_request req;
    llmfi_settings model;
    llmfi_ask ask;
    const llmfi_node *schemas[2];
} ask_made;

static void ask_make(ask_made *a, const ask_case *c) {
    size_t i;
    memset(a, 0, sizeof *a);
    llmfi_heap_init(&node_heap, node_block, sizeof node_block);
    llmfi_arena_init(&node_arena, &node_heap, 0);
    a->req.messages = hi;
    a->req.message_count = 1;
    c->set(&a->req);
    a->model.model_id = s("m");
    a->model.provider = s("host");
    a->model.quirks = c->quirks;
    a->model.extra = node(c->model_extra);
    a->ask.req = &a->req;
    a->ask.model = &a->model;
    a->ask.extra = node(c->extra);
    a->ask.format = node(c->format);
    for (i = 0; i < a->req.tool_count; i++) a->schemas[i] = node(a->req.tools[i].parameters);
    a->ask.schemas = a->req.tool_count ? a->schemas : NULL;
}

static void test_bodies(void **state) {
    size_t i;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(asks); i++) {
        ask_made a;
        llmfi_refusal refusal = { LLMF_OK, "" };
        llmfi_out o;
        llmfi_buf b;
        uint64_t length;
        ask_make(&a, &asks[i]);
        llmfi_openai_check(&a.ask, &refusal);
        assert_string_equal(refusal.text, "");
        llmfi_buf_init(&b, &node_heap, 0);
        llmfi_out_buf(&o, &b);
        assert_true(llmfi_body_emit(&llmfi_openai, &a.ask, &o) && !o.failed);
        assert_true(llmfi_buf_add(&b, "", 1));
        assert_string_equal(b.ptr, asks[i].body);
        assert_true(llmfi_json_valid(llmfi_str(b.ptr, b.len - 1)));
        assert_true(llmfi_body_length(&llmfi_openai, &a.ask, &length));
        assert_int_equal(length, strlen(asks[i].body));
    }
}

/* Any window gives the same bytes, and so does a second reading, also one that starts in the middle of the first. */
static void test_windows(void **state) {
    static const size_t windows[] = { 1, 2, 7, 64, 1000, 100000 };
    size_t i, k, total = 0;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(asks); i++)
        for (k = 0; k < LLMFI_COUNT(windows); k++) {
            static char out[100001];
            ask_made a;
            llmfi_body body;
            size_t n = 0, got, len = strlen(asks[i].body), stop = len / 2;
            ask_make(&a, &asks[i]);
            llmfi_body_init(&body, &llmfi_openai, &a.ask);
            while (n < stop && (got = llmfi_body_read(&body, out + n, windows[k])) != 0) n += got;
            llmfi_body_rewind(&body);
            for (n = 0; (got = llmfi_body_read(&body, out + n, windows[k])) != 0; n += got) assert_true(got <= windows[k]);
            assert_int_equal(n, len);
            assert_memory_equal(out, asks[i].body, len);
            assert_true(body.over && !body.bad && body.at == len);
            assert_int_equal(llmfi_body_read(&body, out, 1), 0);
            total++;
        }
    print_message("%zu bodies in windows\n", total);
}

/* Number that JSON cannot say: the body is bad, and ends. */
static void test_bad_body(void **state) {
    static const ask_case plain = { 0, set_none, NULL, NULL, NULL, NULL };
    ask_made a;
    llmfi_body body;
    uint64_t length;
    char out[64];
    (void)state;
    ask_make(&a, &plain);
    a.req.temperature = HUGE_VAL;
    assert_false(llmfi_body_length(&llmfi_openai, &a.ask, &length));
    llmfi_body_init(&body, &llmfi_openai, &a.ask);
    while (llmfi_body_read(&body, out, sizeof out)) continue;
    assert_true(body.bad && body.over);
}

/* An image of a megabyte through a small window. */
static void test_big_part(void **state) {
    static const ask_case plain = { 0, set_none, NULL, NULL, NULL, NULL };
    static char image[1 << 20], window[4096];
    llmf_part p;
    llmf_message m;
    ask_made a;
    llmfi_body body;
    uint64_t length;
    size_t got, n = 0;
    (void)state;
    ask_make(&a, &plain);
    memset(&p, 0, sizeof p);
    memset(&m, 0, sizeof m);
    p.type = LLMF_PART_IMAGE, p.data = image, p.data_len = sizeof image, p.media_type = "image/png";
    m.role = LLMF_USER, m.parts = &p, m.part_count = 1;
    a.req.messages = &m;
    assert_true(llmfi_body_length(&llmfi_openai, &a.ask, &length));
    assert_int_equal(length, strlen("{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,\"}}]}]}")
                                 + (sizeof image + 2) / 3 * 4);
    llmfi_body_init(&body, &llmfi_openai, &a.ask);
    while ((got = llmfi_body_read(&body, window, sizeof window)) != 0) n += got;
    assert_int_equal(n, length);
}

static void set_temperature(llmf_request *q) {
    q->temperature = 0.5;
}
static void set_top_p(llmf_request *q) {
    q->top_p = LLMF_ZERO;
}
static void set_stop(llmf_request *q) {
    static const char *const stop[] = { "x" };
    q->stop = stop;
    q->stop_count = 1;
}
static llmf_message part_message;
static llmf_part part_one;
static void set_part(llmf_request *q, int type, const char *url, int role) {
    memset(&part_message, 0, sizeof part_message);
    memset(&part_one, 0, sizeof part_one);
    part_one.type = type;
    part_one.url = url;
    part_message.role = role;
    part_message.parts = &part_one;
    part_message.part_count = 1;
    q->messages = &part_message;
}
static void set_audio_url(llmf_request *q) {
    set_part(q, LLMF_PART_AUDIO, "https://x/a.wav", LLMF_USER);
}
static void set_file_url(llmf_request *q) {
    set_part(q, LLMF_PART_FILE, "https://x/a.pdf", LLMF_USER);
}
static void set_tool_image(llmf_request *q) {
    set_part(q, LLMF_PART_IMAGE, "https://x/a.png", LLMF_TOOL);
}
static void set_empty_part(llmf_request *q) {
    set_part(q, LLMF_PART_IMAGE, NULL, LLMF_USER);
}

static void test_check(void **state) {
    static const struct {
        ask_case ask;
        int code;
        const char *field;
    } cases[] = {
        { { LLMFI_Q_NO_SAMPLING, set_temperature, NULL, NULL, NULL, NULL }, LLMF_ERR_UNSUPPORTED, "temperature: " },
        { { LLMFI_Q_NO_SAMPLING, set_top_p, NULL, NULL, NULL, NULL }, LLMF_ERR_UNSUPPORTED, "top_p: " },
        { { LLMFI_Q_NO_SAMPLING, set_stop, NULL, NULL, NULL, NULL }, LLMF_ERR_UNSUPPORTED, "stop: " },
        { { LLMFI_Q_NO_REASONING, set_low, NULL, NULL, NULL, NULL }, LLMF_ERR_UNSUPPORTED, "reasoning: " },
        { { 0, set_tokens, NULL, NULL, NULL, NULL }, LLMF_ERR_UNSUPPORTED, "reasoning: " },
        { { LLMFI_Q_THINKING_OBJECT, set_tokens, NULL, NULL, NULL, NULL }, LLMF_ERR_UNSUPPORTED, "reasoning: " },
        { { LLMFI_Q_NO_JSON_MODE, set_json, NULL, NULL, NULL, NULL }, LLMF_ERR_UNSUPPORTED, "format: " },
        { { LLMFI_Q_NO_JSON_MODE, set_none, "{}", NULL, NULL, NULL }, LLMF_ERR_UNSUPPORTED, "format: " },
        { { LLMFI_Q_NO_PARALLEL_FIELD, set_required, NULL, NULL, NULL, NULL }, LLMF_ERR_UNSUPPORTED, "parallel_tool_calls: " },
        { { 0, set_audio_url, NULL, NULL, NULL, NULL }, LLMF_ERR_UNSUPPORTED, "messages.parts.url: " },
        { { 0, set_file_url, NULL, NULL, NULL, NULL }, LLMF_ERR_UNSUPPORTED, "messages.parts.url: " },
        { { 0, set_tool_image, NULL, NULL, NULL, NULL }, LLMF_ERR_UNSUPPORTED, "messages.parts: " },
        { { 0, set_empty_part, NULL, NULL, NULL, NULL }, LLMF_ERR_ARGUMENT, "messages.parts: " },
        { { 0, set_none, NULL, "{\"stream\":true}", NULL, NULL }, LLMF_ERR_ARGUMENT, "extra.stream: " },
        { { 0, set_temperature, NULL, NULL, NULL, NULL }, LLMF_OK, "" },
    };
    size_t i;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(cases); i++) {
        ask_made a;
        llmfi_refusal refusal = { LLMF_OK, "" };
        ask_make(&a, &cases[i].ask);
        llmfi_openai_check(&a.ask, &refusal);
        assert_int_equal(refusal.code, cases[i].code);
        assert_int_equal(strncmp(refusal.text, cases[i].field, strlen(cases[i].field)), 0);
    }
}

/* What strict mode takes, and what it does not. */
static void test_strict(void **state) {
    static const struct {
        const char *schema;
        bool strict;
    } cases[] = {
        { "{\"type\":\"object\",\"properties\":{},\"required\":[]}", true }, { "{\"type\":\"object\"}", false }, { "{\"type\":\"string\"}", false }, { "{}", false }, { "true", false },
        { "{\"type\":\"object\",\"additionalProperties\":false}", true }, { "{\"type\":\"object\",\"properties\":{},\"additionalProperties\":true}", false },
        { "{\"type\":\"object\",\"properties\":{\"a\":{}},\"required\":[\"a\"]}", false },
        { "{\"type\":\"object\",\"properties\":{\"a\":{\"$ref\":\"#/$defs/x\"}},\"required\":[\"a\"],\"$defs\":{\"x\":{\"type\":\"object\",\"properties\":{\"b\":{\"type\":\"null\"}}}}}", false },
        { "{\"type\":\"object\",\"properties\":{\"a\":{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"null\"}]}},\"required\":[\"a\"]}", true },
        { "{\"type\":\"object\",\"properties\":{\"a\":{\"oneOf\":[{\"type\":\"string\"}],\"type\":\"string\"}},\"required\":[\"a\"]}", false },
        { "{\"type\":\"object\",\"properties\":{\"not\":{\"type\":[\"object\",\"null\"],\"properties\":{}}},\"required\":[\"not\"]}", true },
    };
    size_t i;
    (void)state;
    llmfi_heap_init(&node_heap, node_block, sizeof node_block);
    llmfi_arena_init(&node_arena, &node_heap, 0);
    for (i = 0; i < LLMFI_COUNT(cases); i++)
        if (llmfi_openai_strict_root(node(cases[i].schema)) != cases[i].strict) fail_msg("%s", cases[i].schema);
}

/* ==== replies ==== */

/* Frames stand one a line; an empty one is not fed. */
typedef struct reply_case {
    const char *frames, *log;
} reply_case;

#define C(delta) "{\"choices\":[{\"index\":0,\"delta\":{" delta "}}]}\n"
#define STOP "{\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n"
#define CALL(fragment) C("\"tool_calls\":[{" fragment "}]")

static const reply_case streams[] = {
    /* text, and what ends it */
    { C("\"role\":\"assistant\",\"content\":\"\"") C("\"content\":\"Hel\"") C("\"content\":\"lo\"") STOP "[DONE]", "T:Hel|T:lo| 1/stop" },
    { C("\"content\":\"a\"") "[DONE]", "T:a| 6/" },
    { C("\"content\":\"a\"") STOP, "T:a| 1/stop" },
    { C("\"content\":\"a\""), "T:a| error 21" },
    { "", " error 21" },
    { C("\"content\":\"a\"") " [DONE] ", "T:a| 6/" },
    { C("\"content\":null,\"refusal\":null") C("\"content\":\"\\u00e9\\n\\ud83d\"") STOP, "T:\xc3\xa9\n\xef\xbf\xbd| 1/stop" },
    { "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"},\"finish_reason\":\"length\"}]}\n" C("\"content\":\"b\""), "T:a|T:b| 2/length" },
    { "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"},\"finish_reason\":\"\"}]}", "T:a| error 21" },
    /* not JSON; JSON that is no chunk */
    { C("\"content\":\"a\"") "nonsense", "T:a| error 20" },
    { C("\"content\":\"a\"") "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"b\"}}", "T:a| error 20" },
    { C("\"content\":\"a\"") "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"b\"}}]} x", "T:a| error 20" },
    { "[]\n7\n{}\n{\"choices\":null}\n{\"choices\":[]}\n{\"choices\":[null,7,[]]}\n{\"choices\":{}}\n" STOP, " 1/stop" },
    { "{\"choices\":[{\"index\":0,\"delta\":null}]}\n{\"choices\":[{\"index\":0}]}\n" STOP, " 1/stop" },
    /* order of members, choices beside the first */
    { "{\"choices\":[{\"finish_reason\":null,\"delta\":{\"content\":\"a\"},\"index\":0}],\"model\":\"x\"}\n" STOP, "T:a| 1/stop model x" },
    { "{\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n" STOP, "T:a| 1/stop" },
    { "{\"choices\":[{\"index\":1,\"delta\":{\"content\":\"no\"},\"finish_reason\":\"length\"},{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n"
      "{\"choices\":[{\"delta\":{\"content\":\"no\"},\"index\":1}]}\n{\"choices\":[{\"delta\":{\"content\":\"b\"}},{\"delta\":{\"content\":\"no\"}}]}\n" STOP, "T:a|T:b| 1/stop" },
    { "{\"choices\":[{\"index\":1,\"delta\":{},\"finish_reason\":\"stop\"}]}", " error 21" },
    { "{\"model\":\"\",\"choices\":[]}\n{\"model\":\"a\",\"choices\":[]}\n{\"model\":\"b\",\"choices\":[]}\n" STOP, " 1/stop model a" },
    /* RULES 8: the full message beside each delta */
    { "{\"choices\":[{\"index\":0,\"message\":{\"content\":\"all\"},\"delta\":{\"content\":\"a\"}}]}\n" STOP, "T:a| 1/stop" },
    /* reasoning: never two of them */
    { C("\"reasoning\":\"r\",\"reasoning_content\":\"r\",\"reasoning_details\":[{\"type\":\"reasoning.text\",\"text\":\"r\"}]") STOP, "R:r| 1/stop" },
    { C("\"reasoning_details\":[{\"type\":\"reasoning.text\",\"text\":\"r\"}],\"reasoning_content\":\"c\"") STOP, "R:c| 1/stop" },
    { C("\"reasoning_content\":\"c\",\"reasoning\":\"\",\"content\":null") STOP, "R:c| 1/stop" },
    { C("\"reasoning_details\":[{\"type\":\"reasoning.text\",\"text\":\"r\"},{\"type\":\"reasoning.summary\",\"summary\":\"s\"},{\"type\":\"reasoning.encrypted\",\"data\":\"x\"},null]") STOP,
      "R:r|R:s| 1/stop" },
    { C("\"content\":\"a\",\"reasoning\":\"r\"") STOP, "R:r|T:a| 1/stop" },
    { C("\"reasoning\":\"r\",\"tool_calls\":[],\"reasoning_details\":[{\"text\":\"r\"}]") STOP, "R:r| 1/stop" },
    { C("\"content\":\"<think>x</think>y\"") STOP, "T:<think>x</think>y| 1/stop" },
    /* content that is a list */
    { C("\"content\":[{\"type\":\"thinking\",\"thinking\":[{\"type\":\"text\",\"text\":\"h\"},{\"text\":\"m\"}]},{\"text\":\"a\",\"type\":\"text\"},{\"type\":\"reference\",\"text\":\"no\"},null]") STOP,
      "R:h|R:m|T:a| 1/stop" },
    { C("\"content\":[{\"type\":\"thinking\",\"thinking\":\"h\"}]") STOP, "R:h| 1/stop" },
    { C("\"refusal\":\"I \"") C("\"refusal\":\"won't\"") STOP, "X:I |X:won't| 5/stop" },
    /* tool calls in fragments */
    { CALL("\"index\":0,\"id\":\"c\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}") CALL("\"index\":0,\"function\":{\"arguments\":\"{\\\"a\\\"\"}")
      CALL("\"index\":0,\"function\":{\"arguments\":\":1}\"}") STOP, "start0:c/f|delta0:{\"a\"|delta0::1}|call0:c/f{\"a\":1}| 3/stop" },
    { CALL("\"index\":0,\"id\":\"c\",\"function\":{\"name\":\"f\"}") CALL("\"index\":1,\"id\":\"d\",\"function\":{\"name\":\"g\"}") CALL("\"index\":0,\"function\":{\"arguments\":\"{}\"}") STOP,
      "start0:c/f|start1:d/g|delta0:{}|call0:c/f{}|call1:d/g{}| 3/stop" },
    /* an empty or repeated id, a repeated name */
    { CALL("\"index\":0,\"id\":\"c\",\"function\":{\"name\":\"f\",\"arguments\":\"{\"}") CALL("\"index\":0,\"id\":\"\",\"function\":{\"name\":\"f\",\"arguments\":\"}\"}")
      CALL("\"index\":0,\"id\":\"c\",\"function\":{\"arguments\":\" \"}") STOP, "start0:c/f|delta0:{|delta0:}|delta0: |call0:c/f{} | 3/stop" },
    /* another id at an index in use; no index */
    { CALL("\"index\":0,\"id\":\"c\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}") CALL("\"index\":0,\"id\":\"d\",\"function\":{\"name\":\"g\",\"arguments\":\"[\"}")
      CALL("\"index\":0,\"function\":{\"arguments\":\"]\"}") STOP, "start0:c/f|delta0:{}|start1:d/g|delta1:[|delta1:]|call0:c/f{}|call1:d/g[]| 3/stop" },
    { C("\"tool_calls\":[{\"id\":\"c\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}},{\"function\":{\"name\":\"g\",\"arguments\":{\"a\":[1]}}}]") STOP,
      "start0:c/f|delta0:{}|start1:call00002/g|delta1:{\"a\":[1]}|call0:c/f{}|call1:call00002/g{\"a\":[1]}| 3/stop" },
    { CALL("\"id\":\"c\",\"function\":{\"name\":\"f\",\"arguments\":\"{\"}") CALL("\"function\":{\"arguments\":\"}\"}") STOP, "start0:c/f|delta0:{|delta0:}|call0:c/f{}| 3/stop" },
    /* members in another order, a late id, no arguments, null ones */
    { CALL("\"function\":{\"arguments\":\"{}\",\"name\":\"f\"},\"id\":\"c\",\"index\":3,\"type\":\"function\"") STOP, "start0:c/f|delta0:{}|call0:c/f{}| 3/stop" },
    { CALL("\"index\":0,\"function\":{\"name\":\"f\"}") CALL("\"index\":0,\"id\":\"late\",\"function\":{\"arguments\":null}") STOP, "start0:call00001/f|call0:late/f{}| 3/stop" },
    { CALL("\"index\":0,\"id\":\"c\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\\\":\"}") "{\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"length\"}]}",
      "start0:c/f|delta0:{\"a\":|call0:c/f!{\"a\":| 2/length" },
    { CALL("\"index\":0,\"id\":\"c\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\\\":\"}"), "start0:c/f|delta0:{\"a\":| error 21" },
    { CALL("\"index\":0,\"id\":\"c\",\"type\":\"custom\",\"custom\":{\"name\":\"f\",\"input\":\"x\"}") CALL("\"index\":0,\"custom\":{\"input\":\"y\"}") STOP, " 1/stop" },
    { C("\"tool_calls\":null") C("\"tool_calls\":[null,3]") STOP, " 1/stop" },
    /* usage: the last seen, x_groq's only where there is no other */
    { "{\"choices\":[],\"usage\":null}\n" STOP "{\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":4,\"total_tokens\":13,\"prompt_tokens_details\":{\"cached_tokens\":2,\"audio_tokens\":0,"
      "\"cache_write_tokens\":1},\"completion_tokens_details\":{\"reasoning_tokens\":3}}}", "usage:9,2,1,4,3| 1/stop" },
    { "{\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1}}\n" STOP "{\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":null}}", "usage:9,-1,-1,-1,-1| 1/stop" },
    { "{\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"x_groq\":{\"id\":\"r\",\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}}", "usage:3,-1,-1,4,-1| 1/stop" },
    { STOP "{\"choices\":[],\"usage\":{\"prompt_tokens\":1},\"x_groq\":{\"usage\":{\"prompt_tokens\":3}}}", "usage:1,-1,-1,-1,-1| 1/stop" },
    { STOP "{\"choices\":[],\"x_groq\":{\"usage\":{\"prompt_tokens\":3}},\"usage\":{\"prompt_tokens\":1}}", "usage:1,-1,-1,-1,-1| 1/stop" },
    { "{\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":1}}\n[DONE]",
      "usage:1,-1,-1,-1,-1| 1/stop" },
    /* citations, in every chunk */
    { "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}],\"citations\":[\"u\",\"v\",7],\"search_results\":[{\"title\":\"U\",\"url\":\"u\",\"snippet\":\"s\"}]}\n"
      "{\"citations\":[\"u\",\"v\"],\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}", "T:a| 1/stop <u U> <v >" },
    { C("\"annotations\":[{\"type\":\"url_citation\",\"url_citation\":{\"url\":\"u\",\"title\":\"T\",\"start_index\":0}},{\"type\":\"url_citation\",\"url\":\"w\",\"title\":\"W\"},{\"type\":\"file\"}]") STOP,
      " 1/stop <u T> <w W>" },
    /* errors inside a stream: what had arrived stays */
    { C("\"content\":\"a\"") "{\"error\":{\"message\":\"m\",\"type\":\"server_error\",\"code\":null}}", "T:a| error 16" },
    { "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"},\"finish_reason\":\"error\"}],\"error\":{\"code\":502,\"message\":\"m\"}}\n" C("\"content\":\"b\""), "T:a| error 16" },
    { "{\"choices\":[{\"index\":0,\"delta\":{},\"error\":{\"code\":429,\"message\":\"m\"}}]}", " error 10" },
    { STOP "{\"error\":\"late\"}", " error 16" },
    { "{\"error\":null,\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\n{\"error\":\"\"}\n{\"error\":false}", "T:a| 1/stop" },
    { "{\"object\":\"error\",\"message\":\"m\",\"code\":400}", " error 14" },
};

#define U(choice) "{\"choices\":[{\"index\":0,\"message\":{" choice "},\"finish_reason\":\"stop\"}]}"

static const reply_case unaries[] = {
    { "{\"id\":\"x\",\"model\":\"m\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"Hello\",\"refusal\":null,\"annotations\":[]},\"finish_reason\":\"stop\"}],"
      "\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2,\"total_tokens\":5}}", "T:Hello|usage:3,-1,-1,2,-1| 1/stop model m" },
    { "  \n" U("\"content\":\"a\"") " ", "T:a| 1/stop" },
    { U("\"content\":null,\"refusal\":\"no\""), "X:no| 5/stop" },
    { U("\"content\":\"a\",\"reasoning_content\":\"r\""), "R:r|T:a| 1/stop" },
    { U("\"tool_calls\":[{\"id\":\"\",\"index\":0,\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}},{\"id\":\"c\",\"index\":0,\"type\":\"function\",\"custom\":{\"name\":\"\"},"
        "\"function\":{\"name\":\"g\",\"arguments\":\" null \"}},{\"type\":\"custom\",\"custom\":{\"name\":\"h\"}}]"),
      "start0:call00001/f|delta0:{}|start1:c/g|delta1: null |call0:call00001/f{}|call1:c/g{}| 3/stop" },
    { "{\"choices\":[{\"message\":{\"content\":\"a\"},\"index\":0},{\"message\":{\"content\":\"b\"},\"index\":1}]}", "T:a| 6/" },
    { "{\"choices\":[{\"index\":1,\"message\":{\"content\":\"b\"}},{\"index\":0,\"message\":{\"content\":\"a\"}}]}", "T:a| 6/" },
    { "{\"choices\":[{\"index\":0,\"finish_reason\":\"content_filter\"}]}", " 4/content_filter" },
    { "{\"choices\":[]}", " 6/" },
    { "{\"choices\":[{\"delta\":{\"content\":\"no\"}}]}", " 6/" },
    { "{\"error\":{\"message\":\"m\",\"code\":\"content_filter\",\"status\":400}}", " error 13" },
    { "{\"error\":{\"code\":502,\"message\":\"Provider returned error\"},\"user_id\":\"u\"}", " error 16" },
    { "{\"choices\":[{\"index\":0,\"message\":{\"content\":\"half\"},\"finish_reason\":\"error\",\"error\":{\"code\":503,\"message\":\"m\"}}]}", "T:half| error 15" },
    { "{}", " error 20" },
    { "{\"choices\":null}", " error 20" },
    { "[1]", " error 20" },
    { "<html>", " error 20" },
    { "{\"choices\":[{\"message\":{\"content\":\"Hel", " error 21" },
    { "", " error 21" },
    { U("\"content\":\"a\"") "x", " error 20" },
    /* counts that leave something out, and those in odd places */
    { "{\"choices\":[],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":5,\"total_tokens\":115,\"completion_tokens_details\":{\"reasoning_tokens\":100}}}", "usage:10,-1,-1,105,100| 6/" },
    { "{\"choices\":[],\"usage\":{\"prompt_tokens\":4,\"completion_tokens\":5,\"total_tokens\":16,\"prompt_tokens_details\":{\"audio_tokens\":7}}}", "usage:11,-1,-1,5,-1| 6/" },
    { "{\"choices\":[],\"usage\":{\"prompt_tokens\":4,\"completion_tokens\":5,\"total_tokens\":16,\"prompt_tokens_details\":null}}", "usage:4,-1,-1,12,-1| 6/" },
    { "{\"choices\":[],\"usage\":{\"prompt_tokens\":4,\"num_cached_tokens\":3,\"prompt_cache_hit_tokens\":2,\"cache_creation_input_tokens\":1,\"reasoning_tokens\":0}}", "usage:4,3,1,-1,0| 6/" },
    { "{\"choices\":[],\"usage\":{\"prompt_tokens\":4,\"cached_tokens\":9,\"num_cached_tokens\":3,\"prompt_time\":0.5}}", "usage:4,4,-1,-1,-1| 6/" },
    { "{\"choices\":[],\"usage\":{\"prompt_cache_hit_tokens\":2,\"completion_tokens\":{},\"prompt_tokens\":\"4\"}}", "usage:-1,2,-1,-1,-1| 6/" },
    { "{\"choices\":[],\"usage\":{}}", " 6/" },
};

static void run_case(const reply_case *c, bool streamed, bool discard) {
    reply_log l = { "", 0, { "", "", "" } };
    llmfi_reply r;
    const char *at = c->frames;
    reply_begin(&r, streamed, "host", NULL);
    r.discard = discard;
    if (!streamed) {
        r.tail = true;
        llmfi_openai.on_frame(&r, s(""), s(c->frames));
    }
    while (streamed && *at) {
        const char *end = strchr(at, '\n') ? strchr(at, '\n') : at + strlen(at);
        if (end > at) llmfi_openai.on_frame(&r, s(""), llmfi_range(at, end));
        log_drain(&l, &r);
        at = *end ? end + 1 : end;
    }
    llmfi_openai.on_end(&r);
    llmfi_reply_end(&r, true);
    log_drain(&l, &r);
    log_end(&l, &r);
    if (r.model_used.len) log_add(&l, " model %s", r.model_used.ptr);
    if (strcmp(l.text, c->log) != 0) fail_msg("%s\n  is       %s\n  is to be %s", c->frames, l.text, c->log);
    reply_over(&r);
}

static void test_streams(void **state) {
    size_t i;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(streams); i++) run_case(&streams[i], true, i % 2 != 0);
}

static void test_unaries(void **state) {
    size_t i;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(unaries); i++) run_case(&unaries[i], false, false);
}

/* Each stream cut behind each byte of its last frame: never whole before its terminal event, never a crash. */
static void test_tails(void **state) {
    size_t i, n;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(streams); i++) {
        const char *frame = streams[i].frames, *end = strchr(frame, '\n') ? strchr(frame, '\n') : frame + strlen(frame);
        for (n = 0; frame + n < end; n++) {
            llmfi_reply r;
            reply_begin(&r, true, "host", NULL);
            r.tail = true;
            if (n) llmfi_openai.on_frame(&r, s(""), llmfi_str(frame, n));
            llmfi_openai.on_end(&r);
            llmfi_reply_end(&r, true);
            if (r.error.code != LLMF_ERR_TRUNCATED) fail_msg("%.*s: %d", (int)n, frame, r.error.code);
            assert_int_equal(r.text.len + r.reasoning.len + r.tools.len, 0);
            reply_over(&r);
        }
    }
}

/* ---- state: what goes back in the next turn ---- */

static void test_state(void **state) {
    static const struct {
        uint32_t quirks;
        bool streamed;
        const char *frames, *state;
    } cases[] = {
        { 0, true, C("\"reasoning_content\":\"r\"") STOP, "" },
        { LLMFI_Q_BACK_REASONING_CONTENT, true, C("\"reasoning_content\":\"a \\\"b\\ud83d\"") C("\"reasoning_content\":\"\\ude00\xff\"") C("\"content\":\"x\"") STOP,
          "openai/host:{\"reasoning_content\":\"a \\\"b\\ud83d\\ude00\xef\xbf\xbd\"}" },
        { LLMFI_Q_BACK_REASONING, true, C("\"reasoning\":\"a\"") STOP, "openai/host:{\"reasoning\":\"a\"}" },
        { LLMFI_Q_BACK_REASONING_CONTENT, true, C("\"reasoning_content\":\"a\""), "" }, /* cut */
        { LLMFI_Q_BACK_REASONING_DETAILS, true,
          C("\"reasoning\":\"a\",\"reasoning_details\":[{\"type\":\"reasoning.text\",\"text\":\"a\",\"index\":0,\"format\":\"f\",\"signature\":null,\"n\":1}]")
          C("\"reasoning_details\":[{\"text\":\"b\",\"type\":\"reasoning.text\",\"index\":0,\"format\":\"f\"}]")
          C("\"reasoning_details\":[{\"type\":\"reasoning.text\",\"signature\":\"sig\",\"index\":0,\"n\":2}]")
          C("\"reasoning_details\":[{\"type\":\"reasoning.summary\",\"summary\":\"s\",\"index\":1}]") C("\"reasoning_details\":[{\"type\":\"reasoning.summary\",\"summary\":\"t\",\"index\":2}]")
          C("\"reasoning_details\":[{\"type\":\"reasoning.encrypted\",\"data\":\"e\",\"index\":3},{\"type\":\"reasoning.encrypted\",\"data\":\"f\",\"index\":3}]")
          C("\"reasoning_details\":[{\"type\":\"reasoning.text\",\"text\":\"z\"}]") STOP,
          "openai/host:{\"reasoning_details\":[{\"type\":\"reasoning.text\",\"text\":\"ab\",\"format\":\"f\",\"signature\":\"sig\",\"index\":0,\"n\":2},"
          "{\"type\":\"reasoning.summary\",\"summary\":\"s\",\"index\":1},{\"type\":\"reasoning.summary\",\"summary\":\"t\",\"index\":2},"
          "{\"type\":\"reasoning.encrypted\",\"data\":\"e\",\"index\":3},{\"type\":\"reasoning.encrypted\",\"data\":\"f\",\"index\":3},"
          "{\"type\":\"reasoning.text\",\"text\":\"z\"}]}" },
        { LLMFI_Q_BACK_REASONING_DETAILS | LLMFI_Q_BACK_REASONING, false,
          U("\"content\":\"x\",\"reasoning\":\"r\",\"reasoning_details\":[{\"type\":\"reasoning.text\", \"text\":\"r\",\"signature\":null},{\"type\":\"reasoning.text\",\"text\":\"q\"}]"),
          "openai/host:{\"reasoning\":\"r\",\"reasoning_details\":[{\"type\":\"reasoning.text\", \"text\":\"r\",\"signature\":null},{\"type\":\"reasoning.text\",\"text\":\"q\"}]}" },
        { LLMFI_Q_BACK_REASONING_DETAILS, false, U("\"content\":\"x\",\"reasoning_details\":[]"), "" },
    };
    size_t i;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(cases); i++) {
        llmfi_settings model;
        llmfi_reply r;
        const char *at = cases[i].frames;
        memset(&model, 0, sizeof model);
        model.provider = s("host");
        model.quirks = cases[i].quirks;
        reply_begin(&r, cases[i].streamed, "host", &model);
        r.discard = true;
        while (*at) {
            const char *end = strchr(at, '\n') ? strchr(at, '\n') : at + strlen(at);
            llmfi_openai.on_frame(&r, s(""), llmfi_range(at, end));
            at = *end ? end + 1 : end;
        }
        llmfi_openai.on_end(&r);
        llmfi_reply_end(&r, true);
        if (!llmfi_eq(llmfi_buf_str(&r.state), s(cases[i].state))) fail_msg("%zu: %.*s", i, (int)r.state.len, r.state.ptr);
        assert_int_equal(llmfi_openai_state(&model, llmfi_buf_str(&r.state)).len > 0, cases[i].state[0] != '\0');
        reply_over(&r);
    }
}

/* Every allocation of a reply refused, once and from then on: an error that names the option, or the whole reply; what came stays. */
static void test_memory_refused(void **state) {
    uint64_t n, requests = 0;
    int on;
    llmfi_settings model;
    (void)state;
    memset(&model, 0, sizeof model);
    model.provider = s("host");
    model.quirks = LLMFI_Q_BACK_REASONING_CONTENT | LLMFI_Q_BACK_REASONING_DETAILS;
    for (on = 0; on < 2; on++)
        for (n = 0; n == 0 || n <= requests; n++) {
            size_t i;
            llmfi_reply r;
            reply_log l = { "", 0, { "", "", "" } };
            reply_begin(&r, true, "host", &model);
            reply_heap.fail_at = n;
            reply_heap.fail_on = on != 0;
            for (i = 0; i < LLMFI_COUNT(streams); i++) {
                const char *frame = streams[i].frames, *end = strchr(frame, '\n') ? strchr(frame, '\n') : frame + strlen(frame);
                if (strstr(streams[i].log, "error")) continue;
                llmfi_openai.on_frame(&r, s(""), llmfi_range(frame, end));
                if (i % 5 == 0) log_drain(&l, &r);
            }
            r.terminal = true;
            llmfi_openai.on_end(&r);
            llmfi_reply_end(&r, true);
            if (!n) requests = reply_heap.requests;
            if (!n) assert_int_equal(r.error.code, LLMF_OK);
            else assert_true(r.error.code == LLMF_OK || (r.error.code == LLMF_ERR_MEMORY && strstr(r.error.text, "llmf_desc.memory_size")));
            log_drain(&l, &r);
            assert_int_equal(strncmp(llmfi_reply_text_of(&r.text).ptr, l.said[0], strlen(l.said[0])), 0);
            reply_over(&r);
        }
    print_message("%u allocations refused\n", (unsigned)(2 * requests));
}

/* ---- the front and rest of a frame that are known from the one before ---- */

/* Frames that share more and less of their bytes say the same as each by itself does. */
static void test_known_frames(void **state) {
    static const char *const fronts[] = { "{\"id\":\"a\",\"choices\":[{\"index\":0,\"delta\":{", "{\"id\":\"a\",\"choices\":[{\"index\":1,\"delta\":{",
                                          "{\"usage\":{\"prompt_tokens\":1},\"choices\":[{\"index\":0,\"delta\":{", "{\"id\":\"a\",\"choices\":[{\"index\":0,\"finish_reason\":\"stop\",\"delta\":{",
                                          "{\"id\":\"b\",\"choices\":[{\"index\":0,\"finish_reason\":null,\"delta\":{" };
    static const char *const deltas[] = { "\"content\":\"x\"", "", "\"content\":\"y\",\"z\":[{}]" };
    static const char *const rests[] = { "}}]}", "},\"finish_reason\":\"length\"}]}", "}},{\"index\":1,\"delta\":{\"content\":\"no\"}}]}", "}}],\"usage\":{\"prompt_tokens\":2}}", "}}]} ",
                                         "}}]", "", "}}],\"error\":{\"code\":429}}", "},\"finish_reason\":null}],\"p\":\"ab\"}" };
    size_t a, b, n = LLMFI_COUNT(fronts) * LLMFI_COUNT(deltas) * LLMFI_COUNT(rests), k;
    (void)state;
    for (a = 0; a < n; a++)
        for (b = 0; b < n; b++) {
            llmfi_reply one, two;
            char frame[2][256];
            size_t which[2];
            reply_log l = { "", 0, { "", "", "" } };
            which[0] = a, which[1] = b;
            for (k = 0; k < 2; k++)
                snprintf(frame[k], sizeof frame[k], "%s%s%s", fronts[which[k] % LLMFI_COUNT(fronts)], deltas[which[k] / LLMFI_COUNT(fronts) % LLMFI_COUNT(deltas)],
                         rests[which[k] / LLMFI_COUNT(fronts) / LLMFI_COUNT(deltas)]);
            reply_begin(&one, true, "host", NULL);
            for (k = 0; k < 4; k++) llmfi_openai.on_frame(&one, s(""), s(frame[k / 3]));
            log_drain(&l, &one);
            l.said[0][40] = '\0';
            two = one; /* the same frames with nothing remembered */
            {
                char text[64], finish[32];
                int64_t input = one.usage.input;
                int code = one.error.code;
                bool terminal = one.terminal;
                snprintf(text, sizeof text, "%s", llmfi_reply_text_of(&one.text).ptr);
                snprintf(finish, sizeof finish, "%s", one.finish_raw.ptr);
                reply_over(&two);
                reply_begin(&two, true, "host", NULL);
                for (k = 0; k < 4; k++) {
                    two.dialect.front.len = two.dialect.rest.len = 0;
                    llmfi_openai.on_frame(&two, s(""), s(frame[k / 3]));
                }
                if (strcmp(text, llmfi_reply_text_of(&two.text).ptr) != 0 || strcmp(finish, two.finish_raw.ptr) != 0 || input != two.usage.input || code != two.error.code
                    || terminal != two.terminal) fail_msg("%s\n%s", frame[0], frame[1]);
                reply_over(&two);
            }
        }
}

/* ---- cost ---- */

/* `test_openai cost KIND N`: N streamed events of 261 bytes, from the payload to the queued event and its taking, for an instruction counter:
   the difference of two runs under `valgrind --tool=callgrind` or `perf stat -e instructions:u`, by the difference of N.
   kind 1: another id each time, so that nothing is known from the frame before. */
static size_t run_events(int kind, int n) {
    static const char pattern[] = "{\"id\":\"chatcmpl-0123456789abcdefghijklmnopqrs\",\"object\":\"chat.completion.chunk\",\"created\":1750000000,\"model\":\"gpt-4o-mini-2024-07-18\","
                                  "\"system_fingerprint\":\"fp_0123456789\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" token\"},\"logprobs\":null,\"finish_reason\":null}]}";
    char frame[sizeof pattern];
    size_t taken = 0;
    llmfi_reply r;
    llmf_event ev;
    int i;
    memcpy(frame, pattern, sizeof pattern);
    reply_begin(&r, true, "host", NULL);
    r.discard = true;
    for (i = 0; i < n; i++) {
        if (kind) frame[20] = (char)('a' + i % 2);
        llmfi_openai.on_frame(&r, s(""), llmfi_str(frame, sizeof frame - 1));
        taken += llmfi_reply_next(&r, &ev) ? ev.text.len : 0;
    }
    reply_over(&r);
    return taken;
}

static void test_events(void **state) {
    (void)state;
    assert_int_equal(run_events(0, 1000), 6000);
    assert_int_equal(run_events(1, 1000), 6000);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bodies), cmocka_unit_test(test_windows), cmocka_unit_test(test_bad_body), cmocka_unit_test(test_big_part), cmocka_unit_test(test_check),
        cmocka_unit_test(test_strict), cmocka_unit_test(test_streams), cmocka_unit_test(test_unaries), cmocka_unit_test(test_tails), cmocka_unit_test(test_state),
        cmocka_unit_test(test_memory_refused), cmocka_unit_test(test_known_frames), cmocka_unit_test(test_events),
    };
    if (argc == 4 && strcmp(argv[1], "cost") == 0) return run_events(atoi(argv[2]), atoi(argv[3])) == 0;
    return cmocka_run_group_tests_name("openai", tests, NULL, NULL);
}
