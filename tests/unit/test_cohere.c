/* Cohere's chat, version 2: bodies to the byte, refusals; replies and streams rule by rule (numbers are those of RULES.md). */
#include "../../providers/cohere.h"
#include "dialect.h"

#define C (&llmfi_cohere)
#define HEAD "{\"model\":\"command-x\",\"stream\":false,"
#define USER(content) "{\"role\":\"user\",\"content\":" content "}"
#define HI "\"messages\":[" USER("\"Hi\"") "]"
#define F "{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{\"type\":\"object\",\"properties\":{}}}}"

static question Q;

static void begin(void) {
    question_init(&Q, "command-x");
    Q.model.provider = LLMFI_LIT("cohere");
}

static void hi(void) {
    begin();
    question_add(&Q, LLMF_USER, "Hi");
}

static void body(const char *expected) {
    question_refused(&Q, C, LLMF_OK, "");
    question_body(&Q, C, false, expected);
}

static void refused(int code, const char *part) {
    question_refused(&Q, C, code, part);
}

/* ---- requests ---- */

static void test_plain(void **state) {
    static const char *const stop[] = { "END", "\n\n", "3", "4", "5", "6" };
    (void)state;
    hi();
    body(HEAD HI "}");
    hi();
    Q.req.stream = true;
    Q.req.max_tokens = 100;
    Q.req.temperature = LLMF_ZERO;
    Q.req.top_p = 0.5;
    Q.req.use_seed = true;
    Q.req.seed = INT64_C(7228414683750928000);
    Q.req.stop = stop;
    Q.req.stop_count = 2;
    question_system(&Q, "Be \"brief\"");
    body("{\"model\":\"command-x\",\"stream\":true,\"max_tokens\":100,\"temperature\":0,\"p\":0.5,\"seed\":7228414683750928000,\"stop_sequences\":[\"END\",\"\\n\\n\"],"
         "\"messages\":[{\"role\":\"system\",\"content\":\"Be \\\"brief\\\"\"}," USER("\"Hi\"") "]}");
    hi(); /* user and cache have no member */
    Q.req.user = "u";
    Q.req.cache = true;
    body(HEAD HI "}");
    hi();
    Q.req.stop = stop;
    Q.req.stop_count = 6;
    refused(LLMF_ERR_UNSUPPORTED, "stop");
    hi();
    Q.req.top_p = 1;
    refused(LLMF_ERR_UNSUPPORTED, "top_p");
    hi();
    Q.req.top_p = LLMF_ZERO;
    refused(LLMF_ERR_UNSUPPORTED, "top_p");
}

static void test_messages(void **state) {
    llmf_part parts[4];
    (void)state;
    begin();
    question_add(&Q, LLMF_SYSTEM, "one");
    question_add(&Q, LLMF_USER, "a");
    question_add(&Q, LLMF_ASSISTANT, "b");
    question_add(&Q, LLMF_USER, "c");
    parts[0] = question_text("d");
    parts[1] = question_media(LLMF_PART_IMAGE, NULL, "GIF8", NULL);
    parts[2] = question_media(LLMF_PART_IMAGE, "https://h/i.png", NULL, NULL);
    parts[2].detail = "low";
    parts[3] = question_media(LLMF_PART_IMAGE, "data:image/png;base64,QUJD", NULL, NULL);
    Q.messages[3].parts = parts;
    Q.messages[3].part_count = 4;
    body(HEAD "\"messages\":[{\"role\":\"system\",\"content\":\"one\"}," USER("\"a\"") ",{\"role\":\"assistant\",\"content\":\"b\"},"
         USER("[{\"type\":\"text\",\"text\":\"c\"},{\"type\":\"text\",\"text\":\"d\"},{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/gif;base64,R0lGOA==\"}},"
              "{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://h/i.png\",\"detail\":\"low\"}},{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,QUJD\"}}]") "]}");
    hi();
    Q.messages[0].name = LLMFI_LIT("Ann");
    refused(LLMF_ERR_UNSUPPORTED, "messages.name");
}

static void no_part(int role, int type, const char *says) {
    llmf_part part = question_media(type, NULL, "x", NULL);
    begin();
    question_add(&Q, role, "x")->parts = &part;
    Q.messages[0].part_count = 1;
    refused(LLMF_ERR_UNSUPPORTED, says);
}

static void test_parts(void **state) {
    (void)state;
    no_part(LLMF_USER, LLMF_PART_AUDIO, "messages.parts");
    no_part(LLMF_USER, LLMF_PART_FILE, "documents");
    no_part(LLMF_TOOL, LLMF_PART_IMAGE, "users only");
    no_part(LLMF_ASSISTANT, LLMF_PART_IMAGE, "users only");
}

static llmf_tool_call calls[2];

/* An assistant's turn with two calls behind "Hi"; their results follow. */
static llmf_message *turn(const char *text) {
    llmf_message *m;
    memset(calls, 0, sizeof calls);
    calls[0].id = LLMFI_LIT("f_1");
    calls[0].name = LLMFI_LIT("f");
    calls[0].arguments = LLMFI_LIT("{\"a\": 1e2}");
    calls[1].id = LLMFI_LIT("g_2");
    calls[1].name = LLMFI_LIT("g");
    hi();
    m = question_add(&Q, LLMF_ASSISTANT, text);
    m->tool_calls = calls;
    m->tool_call_count = 2;
    question_add(&Q, LLMF_TOOL, "42")->tool_call_id = LLMFI_LIT("f_1");
    question_add(&Q, LLMF_TOOL, "{\"e\":1}")->tool_call_id = LLMFI_LIT("g_2");
    Q.messages[3].is_error = true;
    Q.messages[3].name = LLMFI_LIT("g"); /* a result's name is not sent */
    return m;
}

#define CALLS "\"tool_calls\":[{\"id\":\"f_1\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\\\": 1e2}\"}}," \
              "{\"id\":\"g_2\",\"type\":\"function\",\"function\":{\"name\":\"g\",\"arguments\":\"{}\"}}]"
#define TURN(assistant) HEAD "\"messages\":[" USER("\"Hi\"") ",{\"role\":\"assistant\"," assistant "},{\"role\":\"tool\",\"tool_call_id\":\"f_1\",\"content\":\"42\"}," \
                        "{\"role\":\"tool\",\"tool_call_id\":\"g_2\",\"content\":\"{\\\"e\\\":1}\"}]}"

static void test_tool_turn(void **state) {
    llmf_part parts[2];
    (void)state;
    turn(NULL);
    body(TURN(CALLS));
    turn("I look.");
    body(TURN("\"content\":\"I look.\"," CALLS));
    turn(NULL)->reasoning = LLMFI_LIT("I will call f.");
    body(TURN("\"tool_plan\":\"I will call f.\"," CALLS));
    hi();
    question_add(&Q, LLMF_ASSISTANT, "a")->reasoning = LLMFI_LIT("not sent: whose it is nobody knows");
    body(HEAD "\"messages\":[" USER("\"Hi\"") ",{\"role\":\"assistant\",\"content\":\"a\"}]}");
    parts[0] = question_text("one");
    parts[1] = question_text("two");
    begin();
    question_add(&Q, LLMF_TOOL, NULL)->parts = parts;
    Q.messages[0].part_count = 2;
    Q.messages[0].tool_call_id = LLMFI_LIT("i");
    body(HEAD "\"messages\":[{\"role\":\"tool\",\"tool_call_id\":\"i\",\"content\":[{\"type\":\"text\",\"text\":\"one\"},{\"type\":\"text\",\"text\":\"two\"}]}]}");
}

/* What was thought or planned goes back to the provider that gave it, and to no other; a damaged state is told. */
static void test_state(void **state) {
    static const char *const others[] = { "openai/x:{\"a\":1}", "anthropic:[{}]", "cohere", "cohere2:{}", "cohere:{}", "cohere:{\"content\":7,\"x\":[]}" };
    static const char *const broken[] = { "cohere:{\"tool_plan\":", "cohere:[]", "cohere:{}}", "cohere:x" };
    llmf_message *m;
    size_t i;
    (void)state;
    for (i = 0; i < 5; i++) {
        hi();
        m = question_add(&Q, LLMF_ASSISTANT, "a");
        m->state = llmfi_cstr(others[i]);
        m->reasoning = LLMFI_LIT("r");
        body(HEAD "\"messages\":[" USER("\"Hi\"") ",{\"role\":\"assistant\",\"content\":\"a\"}]}");
    }
    for (i = 0; i < LLMFI_COUNT(broken); i++) {
        hi();
        question_add(&Q, LLMF_ASSISTANT, "a")->state = llmfi_cstr(broken[i]);
        refused(LLMF_ERR_ARGUMENT, "messages.state");
    }
    m = turn("t");
    m->state = LLMFI_LIT("cohere:{\"tool_plan\":\"p\\u00e9\\n\",\"content\":[{\"type\":\"thinking\",\"thinking\":\"a\"},{\"type\":\"thinking\",\"thinking\":\"b\"}]}");
    m->reasoning = LLMFI_LIT("p, a and b: not sent twice");
    body(TURN("\"tool_plan\":\"p\\u00e9\\n\",\"content\":[{\"type\":\"thinking\",\"thinking\":\"a\"},{\"type\":\"thinking\",\"thinking\":\"b\"},{\"type\":\"text\",\"text\":\"t\"}]," CALLS));
    turn(NULL)->state = LLMFI_LIT("cohere:{\"content\":[{\"type\":\"thinking\",\"thinking\":\"a\"}]}");
    body(TURN("\"content\":[{\"type\":\"thinking\",\"thinking\":\"a\"}]," CALLS));
    hi();
    Q.model.provider = LLMFI_LIT("vllm_cohere");
    question_add(&Q, LLMF_ASSISTANT, "x")->state = LLMFI_LIT("vllm_cohere:{\"content\":[{\"type\":\"thinking\",\"thinking\":\"a\"}]}");
    body(HEAD "\"messages\":[" USER("\"Hi\"") ",{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\",\"thinking\":\"a\"},{\"type\":\"text\",\"text\":\"x\"}]}]}");
}

static void choice(const char *word, const char *expected) {
    char text[512];
    hi();
    question_tool(&Q, "f", NULL, NULL);
    Q.req.tool_choice = word;
    snprintf(text, sizeof text, HEAD HI ",\"tools\":[" F "]%s}", expected);
    body(text);
}

static void test_tools(void **state) {
    (void)state;
    choice(NULL, "");
    choice("auto", "");
    choice("none", ",\"tool_choice\":\"NONE\"");
    choice("required", ",\"tool_choice\":\"REQUIRED\"");
    hi();
    question_tool(&Q, "f", "", NULL);
    question_tool(&Q, "g", "does g", "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}},\"required\":[\"a\"]}");
    Q.tools[1].strict = true; /* it holds for all of them, and is no member of a tool */
    body(HEAD HI ",\"tools\":[" F ",{\"type\":\"function\",\"function\":{\"name\":\"g\",\"description\":\"does g\",\"parameters\":{\"type\":\"object\","
         "\"properties\":{\"a\":{\"type\":\"string\"}},\"required\":[\"a\"]}}}],\"strict_tools\":true}");
    hi();
    question_tool(&Q, "f", NULL, NULL);
    Q.tools[0].strict = true;
    Q.model.quirks = LLMFI_Q_NO_STRICT;
    body(HEAD HI ",\"tools\":[" F "]}");
    hi();
    question_tool(&Q, "f", NULL, NULL);
    Q.req.tool_choice = "f";
    refused(LLMF_ERR_UNSUPPORTED, "tool_choice");
    hi();
    question_tool(&Q, "f", NULL, NULL);
    Q.req.parallel_tool_calls = LLMF_NO;
    refused(LLMF_ERR_UNSUPPORTED, "parallel_tool_calls");
    hi();
    question_tool(&Q, "f", NULL, NULL);
    Q.req.parallel_tool_calls = LLMF_YES;
    body(HEAD HI ",\"tools\":[" F "]}");
}

static void think(const char *word, uint32_t quirks, const char *member) {
    char text[256];
    hi();
    Q.req.reasoning = word;
    Q.model.quirks = quirks;
    snprintf(text, sizeof text, HEAD "%s" HI "}", member);
    body(text);
}

static void test_thinking(void **state) {
    (void)state;
    think(NULL, 0, "");
    think("none", 0, "\"thinking\":{\"type\":\"disabled\"},");
    think("none", LLMFI_Q_NO_REASONING, "");
    think("minimal", 0, "\"thinking\":{\"type\":\"enabled\",\"token_budget\":1024},");
    think("low", 0, "\"thinking\":{\"type\":\"enabled\",\"token_budget\":2048},");
    think("medium", 0, "\"thinking\":{\"type\":\"enabled\",\"token_budget\":8192},");
    think("high", 0, "\"thinking\":{\"type\":\"enabled\"},");
    think("max", 0, "\"thinking\":{\"type\":\"enabled\"},");
    think("333 tokens", 0, "\"thinking\":{\"type\":\"enabled\",\"token_budget\":333},");
    hi();
    Q.req.reasoning = "low";
    Q.model.quirks = LLMFI_Q_NO_REASONING;
    refused(LLMF_ERR_UNSUPPORTED, "reasoning");
}

static void test_format(void **state) {
    (void)state;
    hi();
    Q.req.format = "json";
    body(HEAD "\"response_format\":{\"type\":\"json_object\"}," HI "}");
    hi();
    Q.ask.format = question_json(&Q, "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\"}},\"required\":[\"a\"]}");
    body(HEAD "\"response_format\":{\"type\":\"json_object\",\"json_schema\":{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\"}},\"required\":[\"a\"]}}," HI "}");
    hi();
    Q.model.quirks = LLMFI_Q_NO_SCHEMA;
    Q.ask.format = question_json(&Q, "{\"type\":\"object\"}");
    body(HEAD "\"response_format\":{\"type\":\"json_object\"}," HI "}");
    hi();
    Q.model.quirks = LLMFI_Q_NO_JSON_MODE;
    Q.req.format = "json";
    refused(LLMF_ERR_UNSUPPORTED, "format");
    hi(); /* "not supported when used in combinations with the documents or tools parameters" */
    Q.req.format = "json";
    question_tool(&Q, "f", NULL, NULL);
    refused(LLMF_ERR_UNSUPPORTED, "format");
    hi();
    Q.req.format = "json";
    Q.ask.extra = question_json(&Q, "{\"documents\":[\"d\"]}");
    refused(LLMF_ERR_UNSUPPORTED, "format");
}

static void test_extra(void **state) {
    (void)state;
    hi();
    Q.req.top_p = 0.5;
    Q.model.extra = question_json(&Q, "{\"safety_mode\":\"OFF\",\"k\":5}");
    Q.ask.extra = question_json(&Q, "{\"k\":40,\"p\":1,\"documents\":[{\"id\":\"d\",\"data\":{\"text\":\"t\"}}],\"citation_options\":{\"mode\":\"FAST\"}}");
    body(HEAD HI ",\"safety_mode\":\"OFF\",\"k\":40,\"p\":1,\"documents\":[{\"id\":\"d\",\"data\":{\"text\":\"t\"}}],\"citation_options\":{\"mode\":\"FAST\"}}");
    hi();
    question_tool(&Q, "f", NULL, NULL);
    Q.tools[0].strict = true;
    Q.req.tool_choice = "required";
    Q.req.reasoning = "low";
    question_system(&Q, "s");
    Q.ask.extra = question_json(&Q, "{\"model\":\"m\",\"messages\":[],\"tools\":[],\"tool_choice\":\"NONE\",\"strict_tools\":false,\"thinking\":{\"type\":\"disabled\"}}");
    body("{\"stream\":false,\"model\":\"m\",\"messages\":[],\"tools\":[],\"tool_choice\":\"NONE\",\"strict_tools\":false,\"thinking\":{\"type\":\"disabled\"}}");
    hi();
    Q.ask.extra = question_json(&Q, "{\"stream\":true}");
    refused(LLMF_ERR_ARGUMENT, "extra.stream");
}

static void test_path(void **state) {
    static const char *const bases[][2] = { { "https://api.cohere.com", "/v2/chat" }, { "https://api.cohere.com/v2/", "/chat" }, { "https://h/cohere", "/v2/chat" } };
    size_t i;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(bases); i++) {
        char got[64];
        llmfi_out o;
        hi();
        Q.model.base_url = llmfi_cstr(bases[i][0]);
        llmfi_out_window(&o, got, sizeof got, 0);
        C->path(&Q.ask, &o);
        assert_true(llmfi_eq(llmfi_str(got, o.len), llmfi_cstr(bases[i][1])));
    }
}

/* ---- replies ---- */

#define MSG(message, reason, usage) "{\"id\":\"i\",\"message\":{\"role\":\"assistant\"," message "},\"finish_reason\":\"" reason "\",\"usage\":" usage "}"
#define TEXT(t) "\"content\":[{\"type\":\"text\",\"text\":\"" t "\"}]"
#define U "{\"billed_units\":{\"input_tokens\":1,\"output_tokens\":2},\"tokens\":{\"input_tokens\":30,\"output_tokens\":5},\"cached_tokens\":16}"

static const reply_case unary[] = {
    { "1 text blocks are one text", false, MSG("\"content\":[{\"type\":\"text\",\"text\":\"a \"},{\"text\":\" b\\u00e9\",\"type\":\"text\"}]", "COMPLETE", U),
      "T:a |T: b\xc3\xa9|U:30,16,-,5,-|=stop(COMPLETE)" },
    { "content that is a text", false, MSG("\"content\":\"x\"", "COMPLETE", "{}"), "T:x|=stop(COMPLETE)" },
    { "no content", false, MSG("\"content\":null", "COMPLETE", "null"), "=stop(COMPLETE)" },
    { "3 thinking parts and a plan; state", false,
      MSG("\"tool_calls\":[{\"id\":\"c\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\\\": 1}\"}}],\"content\":[{\"thinking\":\"h\\\"m\",\"type\":\"thinking\"},"
          "{\"type\":\"thinking\",\"thinking\":\"2\"},{\"type\":\"text\",\"text\":\"x\"}],\"tool_plan\":\"I \\u263a\"", "TOOL_CALL", U),
      "R:I \xe2\x98\xba|R:h\"m|R:2|T:x|S0:c,f|D0:{\"a\": 1}|C0:{\"a\": 1}|U:30,16,-,5,-|=tool_calls(TOOL_CALL) "
      "state=cohere:{\"tool_plan\":\"I \\u263a\",\"content\":[{\"type\":\"thinking\",\"thinking\":\"h\\\"m\"},{\"type\":\"thinking\",\"thinking\":\"2\"}]}" },
    { "only a plan", false, MSG("\"tool_plan\":\"p\",\"tool_calls\":[{\"id\":\"c\",\"function\":{\"name\":\"f\"}}]", "TOOL_CALL", "{}"),
      "R:p|S0:c,f|C0:{}|=tool_calls(TOOL_CALL) state=cohere:{\"tool_plan\":\"p\"}" },
    { "5, 10 parts and calls of other types", false,
      MSG("\"content\":[{\"type\":\"document\",\"text\":\"no\"},7,[1],null,{\"type\":\"text\",\"text\":\"y\"}],\"tool_calls\":[{\"id\":\"c\",\"type\":\"custom\",\"function\":{\"name\":\"f\"}},1,[]]", "COMPLETE", "{}"),
      "T:y|=stop(COMPLETE)" },
    { "citations", false,
      MSG(TEXT("x") ",\"citations\":[{\"start\":0,\"end\":1,\"text\":\"x\",\"sources\":[{\"type\":\"document\",\"id\":\"doc:0\",\"document\":{\"id\":\"doc:0\",\"title\":\"facts.txt\",\"text\":\"t\"}},"
          "{\"type\":\"tool\",\"id\":\"f_1:0\",\"tool_output\":{\"url\":\"http:\\/\\/a\",\"title\":\"A\",\"n\":{\"url\":\"no\"}}},{\"type\":\"tool\",\"id\":\"g_2:0\",\"tool_output\":{\"content\":\"c\"}},null]},"
          "{\"sources\":[{\"id\":\"g_2:0\"}]},{\"sources\":null},null]", "COMPLETE", "{}"),
      "T:x|=stop(COMPLETE) cites=,facts.txt cites=http://a,A cites=,g_2:0" },
    { "15, 16 words", false, MSG(TEXT("x"), "MAX_TOKENS", "{}"), "T:x|=length(MAX_TOKENS)" },
    { "15 a stop sequence", false, MSG(TEXT("x"), "STOP_SEQUENCE", "{}"), "T:x|=stop(STOP_SEQUENCE)" },
    { "15 another word", false, MSG(TEXT("x"), "USER_CANCEL", "{}"), "T:x|=other(USER_CANCEL)" },
    { "19 images count; floats", false,
      MSG(TEXT("x"), "COMPLETE", "{\"tokens\":{\"input_tokens\":10.0,\"image_tokens\":259,\"output_tokens\":9,\"reasoning_tokens\":4},\"cached_tokens\":null}"), "T:x|U:269,-,-,9,4|=stop(COMPLETE)" },
    { "18 no tokens", false, MSG(TEXT("x"), "COMPLETE", "{\"billed_units\":{\"input_tokens\":3},\"tokens\":null,\"cached_tokens\":0}"), "T:x|U:-,0,-,-,-|=stop(COMPLETE)" },
    { "31 ERROR", false, "{\"id\":\"i\",\"message\":{\"role\":\"assistant\"," TEXT("half") "},\"error\":\"it broke\",\"finish_reason\":\"ERROR\"}", "T:half|!16(ERROR)it broke" },
    { "31 TIMEOUT", false, MSG(TEXT("half"), "TIMEOUT", U), "T:half|!17(TIMEOUT)" },
    { "an error with status 200", false, "{\"id\":\"i\",\"message\":\"too many tokens: 9\",\"error_type\":\"TOO_MANY_TOKENS\"}", "!12(TOO_MANY_TOKENS)too many tokens: 9" },
    { "... in another's form", false, "{\"error\":{\"message\":\"no\",\"type\":\"rate_limit_error\"}}", "!10(rate_limit_error)no" },
    { "28 another protocol", false, "{\"choices\":[]}", "!20()" },
    { "28 no object", false, "[]", "!20()" },
    { "28 no JSON", false, "<html>\n", "!20()" },
};

#define START "{\"id\":\"i\",\"type\":\"message-start\",\"delta\":{\"message\":{\"role\":\"assistant\",\"content\":[],\"tool_plan\":\"\",\"tool_calls\":[],\"citations\":[]}}}\n"
#define OPEN(i, type) "{\"type\":\"content-start\",\"index\":" i ",\"delta\":{\"message\":{\"content\":{\"type\":\"" type "\",\"" type "\":\"\"}}}}\n"
#define DELTA(i, type, t) "{\"type\":\"content-delta\",\"index\":" i ",\"delta\":{\"message\":{\"content\":{\"" type "\":\"" t "\"}}}}\n"
#define CLOSE(i) "{\"type\":\"content-end\",\"index\":" i "}\n"
#define PLAN(t) "{\"type\":\"tool-plan-delta\",\"delta\":{\"message\":{\"tool_plan\":\"" t "\"}}}\n"
#define CALL(i, id, name, args) "{\"type\":\"tool-call-start\",\"index\":" i ",\"delta\":{\"message\":{\"tool_calls\":{\"id\":\"" id "\",\"type\":\"function\",\"function\":{\"name\":\"" name "\",\"arguments\":\"" args "\"}}}}}\n"
#define ARGS(i, t) "{\"type\":\"tool-call-delta\",\"index\":" i ",\"delta\":{\"message\":{\"tool_calls\":{\"function\":{\"arguments\":\"" t "\"}}}}}\n"
#define CALL_END(i) "{\"type\":\"tool-call-end\",\"index\":" i "}\n"
#define CITE(sources) "{\"type\":\"citation-start\",\"index\":0,\"delta\":{\"message\":{\"citations\":{\"start\":0,\"end\":1,\"text\":\"x\",\"sources\":[" sources "]}}}}\n{\"type\":\"citation-end\",\"index\":0}\n"
#define END(reason, usage) "{\"type\":\"message-end\",\"delta\":{\"finish_reason\":\"" reason "\",\"usage\":" usage "}}\n"

static const reply_case streams[] = {
    { "text, and [DONE] behind the end", true, START OPEN("0", "text") DELTA("0", "text", "Hel") DELTA("0", "text", "lo \\u00e9") DELTA("0", "text", "") CLOSE("0") END("COMPLETE", U) "[DONE]\n",
      "T:Hel|T:lo \xc3\xa9|U:30,16,-,5,-|=stop(COMPLETE)" },
    { "spellings of the same event", true,
      DELTA("7", "text", "\\t1") "{\"type\":\"content-delta\",\"index\":0,\"delta\":{\"message\":{\"content\":{\"text\":\"2\"}}},\"logprobs\":{\"text\":\"no\"}}\n"
      "{\"delta\":{\"x\":1,\"message\":{\"y\":[],\"content\":{\"z\":2,\"text\":\"3\"}}},\"index\":0,\"type\":\"content-delta\"}\n{ \"type\":\"content-delta\",\"delta\":{\"message\":{\"content\":{\"text\":\"4\"}}} }\n"
      "{\"type\":\"content-delta\",\"index\":0,\"delta\":{\"message\":{\"content\":{\"text\":null}}}}\n{\"type\":\"content-delta\",\"index\":12,\"delta\":{\"message\":{\"content\":{\"text\":\"5\"}}}}\n" END("COMPLETE", "{}"),
      "T:\t1|T:2|T:3|T:4|T:5|=stop(COMPLETE)" },
    { "28 no JSON though it looks like it", true, "{\"type\":\"content-delta\",\"index\":0,\"delta\":{\"message\":{\"content\":{\"text\":\"a\"}}}]\n", "!20()" },
    { "28 and more", true, "{\"type\":\"content-delta\",\"index\":0,\"delta\":{\"message\":{\"content\":{\"text\":\"a\"}}}}}\n", "!20()" },
    { "3 thinking in blocks; state", true,
      START OPEN("0", "thinking") DELTA("0", "thinking", "a\\n") DELTA("0", "thinking", "b") CLOSE("0") OPEN("1", "thinking") DELTA("1", "thinking", "c") CLOSE("1") OPEN("2", "text") DELTA("2", "text", "x")
          CLOSE("2") END("COMPLETE", "{\"tokens\":{\"input_tokens\":1,\"output_tokens\":9,\"reasoning_tokens\":7}}"),
      "R:a\n|R:b|R:c|T:x|U:1,-,-,9,7|=stop(COMPLETE) state=cohere:{\"content\":[{\"type\":\"thinking\",\"thinking\":\"a\\nb\"},{\"type\":\"thinking\",\"thinking\":\"c\"}]}" },
    { "a plan, calls in pieces", true,
      START PLAN("I ") PLAN("will.") CALL("0", "f_1", "f", "") ARGS("0", "{\\\"a\\\"") ARGS("0", ":\\\"\\u00fc\\\"}") CALL_END("0") CALL("1", "g_2", "g", "") CALL_END("1") END("TOOL_CALL", U),
      "R:I |R:will.|S0:f_1,f|D0:{\"a\"|D0::\"\xc3\xbc\"}|C0:{\"a\":\"\xc3\xbc\"}|S1:g_2,g|C1:{}|U:30,16,-,5,-|=tool_calls(TOOL_CALL) state=cohere:{\"tool_plan\":\"I will.\"}" },
    { "calls whose pieces mix, one begins with arguments", true,
      CALL("0", "a", "f", "{") CALL("1", "b", "g", "") ARGS("1", "{}") ARGS("0", "}") CALL_END("1") CALL_END("0") ARGS("5", "no") CALL_END("5") END("TOOL_CALL", "{}"),
      "S0:a,f|D0:{|S1:b,g|D1:{}|D0:}|C1:{}|C0:{}|=tool_calls(TOOL_CALL)" },
    { "an index behind its delta, none at all", true,
      "{\"type\":\"tool-call-start\",\"delta\":{\"message\":{\"tool_calls\":{\"id\":\"a\",\"function\":{\"name\":\"f\"}}}},\"index\":3}\n{\"delta\":{\"message\":{\"tool_calls\":{\"function\":{\"arguments\":\"[1]\"}}}},\"index\":3,\"type\":\"tool-call-delta\"}\n"
      "{\"type\":\"tool-call-start\",\"delta\":{\"message\":{\"tool_calls\":{\"id\":\"b\",\"function\":{\"name\":\"g\"}}}}}\n{\"type\":\"tool-call-delta\",\"delta\":{\"message\":{\"tool_calls\":{\"function\":{\"arguments\":\"{}\"}}}}}\n" END("TOOL_CALL", "{}"),
      "S0:a,f|D0:[1]|S1:b,g|D1:{}|C0:[1]|C1:{}|=tool_calls(TOOL_CALL)" },
    { "12 cut arguments", true, CALL("0", "i", "f", "{\\\"a\\\":") CALL_END("0") END("MAX_TOKENS", "{}"), "S0:i,f|D0:{\"a\":|C0:!{\"a\":|=length(MAX_TOKENS)" },
    { "citations", true, START DELTA("0", "text", "x") CITE("{\"type\":\"document\",\"id\":\"d\",\"document\":{\"url\":\"u\",\"title\":\"t\"}},{\"id\":\"e\"}") CITE("{\"id\":\"e\"}") END("COMPLETE", "{}"),
      "T:x|=stop(COMPLETE) cites=u,t cites=,e" },
    { "31, 32 ERROR", true,
      START PLAN("I") "{\"type\":\"message-end\",\"delta\":{\"error\":\"invalid tool generation\",\"error_type\":\"INVALID_TOOL_GENERATION\",\"finish_reason\":\"ERROR\",\"usage\":{}}}\n[DONE]\n",
      "R:I|!16(INVALID_TOOL_GENERATION)invalid tool generation" },
    { "31 TIMEOUT", true, DELTA("0", "text", "half") END("TIMEOUT", U), "T:half|!17(TIMEOUT)" },
    { "29 an error without a type", true, DELTA("0", "text", "half") "{\"id\":\"i\",\"message\":\"internal\"}\n", "T:half|!16()internal" },
    { "26 what comes after the end", true, END("COMPLETE", "{}") DELTA("0", "text", "late") "[DONE]\n", "T:late|=stop(COMPLETE)" },
    { "27 unknown events and members", true,
      "{\"type\":\"debug\",\"message\":\"no\",\"error\":\"no\",\"delta\":{\"message\":{\"content\":{\"text\":\"no\"}}}}\n{\"x\":1,\"error\":null}\n[]\n7\n{\"type\":\"content-delta\",\"index\":{},\"delta\":[1]}\n"
      "{\"type\":\"content-delta\",\"index\":0,\"delta\":{\"message\":{\"content\":[7],\"tool_plan\":\"no\",\"tool_calls\":{\"id\":\"no\"}}}}\n{\"type\":\"tool-call-end\"}\n{\"type\":\"message-end\"}\n",
      "=other()" },
    { "25 [DONE] is no end", true, DELTA("0", "text", "half") "[DONE]\n", "T:half|!21()" },
    { "25 cut", true, START DELTA("0", "thinking", "a") DELTA("1", "text", "half"), "R:a|T:half|!21()" },
    { "25 cut in a call: it is none", true, CALL("0", "i", "f", "") ARGS("0", "{\\\"a"), "S0:i,f|D0:{\"a|!21()" },
};

static void test_unary(void **state) {
    (void)state;
    answer_cases(C, "cohere", unary, LLMFI_COUNT(unary));
}

static void test_streams(void **state) {
    (void)state;
    answer_cases(C, "cohere", streams, LLMFI_COUNT(streams));
}

/* What a frame has begun when it turns out to be broken does not count. */
static void test_undone(void **state) {
    answer a;
    (void)state;
    answer_init(&a, "cohere", true);
    answer_frame(&a, C, LLMFI_LIT(PLAN("kept")));
    answer_frame(&a, C, LLMFI_LIT("{\"type\":\"tool-plan-delta\",\"delta\":{\"message\":{\"tool_plan\":\"not\"}}}]"));
    assert_int_equal(a.reply.error.code, LLMF_ERR_PROTOCOL);
    assert_true(llmfi_eq(llmfi_buf_str(&a.reply.dialect.buf[0]), LLMFI_LIT("kept")));
    answer_end(&a, C);
    answer_free(&a);
}

/* 11: an id is made where there is none. */
static void test_ids(void **state) {
    answer a;
    (void)state;
    answer_init(&a, "cohere", false);
    answer_frame(&a, C, LLMFI_LIT(MSG("\"tool_calls\":[{\"id\":\"\",\"function\":{\"name\":\"f\"}},{\"function\":{\"name\":\"f\"}}]", "TOOL_CALL", "{}")));
    answer_end(&a, C);
    assert_int_equal(a.reply.call_count, 2);
    assert_true(a.reply.calls[0].id.len && a.reply.calls[1].id.len && !llmfi_eq(a.reply.calls[0].id, a.reply.calls[1].id));
    answer_free(&a);
}

/* The state of a reply goes back as it came; bad UTF-8 in it is mended. */
static void test_round_trip(void **state) {
    static char kept[512];
    answer a;
    (void)state;
    answer_init(&a, "cohere", true);
    answer_feed(&a, C, PLAN("p\\ud83d\\ude00\xff") DELTA("0", "thinking", "\xc3\xa9\\\"") END("COMPLETE", "{}"), LLMFI_NOWHERE);
    memcpy(kept, a.reply.state.ptr, a.reply.state.len);
    hi();
    question_add(&Q, LLMF_ASSISTANT, "x")->state = llmfi_str(kept, a.reply.state.len);
    log_free(&a.log);
    body(HEAD "\"messages\":[" USER("\"Hi\"") ",{\"role\":\"assistant\",\"tool_plan\":\"p\\ud83d\\ude00\xef\xbf\xbd\",\"content\":[{\"type\":\"thinking\",\"thinking\":\"\xc3\xa9\\\"\"},"
         "{\"type\":\"text\",\"text\":\"x\"}]}]}");
}

/* Errors of the API: words, statuses. */
static void test_faults(void **state) {
    static const struct {
        int status, code;
        const char *body, *provider_code;
    } rows[] = {
        { 400, LLMF_ERR_CONTEXT_LENGTH, "{\"error_type\":\"TOO_MANY_TOKENS\",\"id\":\"i\",\"message\":\"too many tokens: size limit exceeded by 25836 tokens.\"}", "TOO_MANY_TOKENS" },
        { 401, LLMF_ERR_AUTH, "{\"id\":\"i\",\"message\":\"Incorrect API key provided: ***.\"}", "" },
        { 404, LLMF_ERR_NOT_FOUND, "{\"id\":\"i\",\"message\":\"model 'x' was removed\"}", "" },
        { 422, LLMF_ERR_BAD_REQUEST, "{\"id\":\"i\",\"message\":\"unknown field: parameter 'strict' is not a valid field.\"}", "" },
        { 429, LLMF_ERR_RATE_LIMIT, "{\"id\":\"i\",\"message\":\"Please wait and try again later\"}", "" },
        { 498, LLMF_ERR_BAD_REQUEST, "{\"message\":\"blocked\"}", "" },
    };
    size_t i;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(rows); i++) {
        answer a;
        answer_init(&a, "cohere", false);
        llmfi_fault_body(&a.reply, rows[i].status, llmfi_cstr(rows[i].body), llmfi_str("", 0));
        assert_int_equal(a.reply.error.code, rows[i].code);
        assert_string_equal(a.reply.error.provider_code, rows[i].provider_code);
        answer_free(&a);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),    cmocka_unit_test(test_messages), cmocka_unit_test(test_parts),  cmocka_unit_test(test_tool_turn),
        cmocka_unit_test(test_state),    cmocka_unit_test(test_tools),    cmocka_unit_test(test_thinking), cmocka_unit_test(test_format),
        cmocka_unit_test(test_extra),    cmocka_unit_test(test_path),     cmocka_unit_test(test_unary),  cmocka_unit_test(test_streams),
        cmocka_unit_test(test_undone),   cmocka_unit_test(test_ids),      cmocka_unit_test(test_round_trip), cmocka_unit_test(test_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
