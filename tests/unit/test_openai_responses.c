/* The Responses API: bodies to the byte, refusals, state; replies and streams rule by rule (numbers are those of RULES.md). */
#include "../../providers/openai_responses.h"
#include "dialect.h"

#define A (&llmfi_responses)
#define HEAD "{\"model\":\"gpt-x\",\"store\":false,"
#define USER(t) "{\"role\":\"user\",\"content\":\"" t "\"}"
#define SAYS(t) "{\"role\":\"assistant\",\"content\":\"" t "\"}"
#define CALLS(id, name, args) "{\"type\":\"function_call\",\"call_id\":\"" id "\",\"name\":\"" name "\",\"arguments\":\"" args "\"}"
#define GIVES(id, out) "{\"type\":\"function_call_output\",\"call_id\":\"" id "\",\"output\":" out "}"
#define HI "\"input\":[" USER("Hi") "]"
#define EMPTY "{\"type\":\"object\",\"properties\":{}}"
#define TOOL(name, rest) "{\"type\":\"function\",\"name\":\"" name "\"," rest "}"

static question Q;

static void begin(void) {
    question_init(&Q, "gpt-x");
    Q.model.provider = LLMFI_LIT("openai_responses");
}

static void hi(void) {
    begin();
    question_add(&Q, LLMF_USER, "Hi");
}

static void body(const char *expected) {
    question_refused(&Q, A, LLMF_OK, "");
    question_body(&Q, A, false, expected);
}

static void refused(int code, const char *part) {
    question_refused(&Q, A, code, part);
}

/* ---- requests ---- */

static void test_plain(void **state) {
    (void)state;
    hi();
    body(HEAD HI "}");
    hi();
    Q.req.stream = true;
    Q.req.max_tokens = 100;
    Q.req.temperature = 0.5;
    Q.req.top_p = LLMF_ZERO;
    Q.req.user = "u1";
    question_system(&Q, "Be \"brief\"");
    body("{\"model\":\"gpt-x\",\"stream\":true,\"store\":false,\"max_output_tokens\":100,\"temperature\":0.5,\"top_p\":0,\"user\":\"u1\",\"instructions\":\"Be \\\"brief\\\"\"," HI "}");
    hi();
    Q.model.quirks = LLMFI_Q_NO_USER_FIELD | LLMFI_Q_ENCRYPTED_REASONING;
    Q.req.user = "u1";
    body(HEAD "\"include\":[\"reasoning.encrypted_content\"]," HI "}");
}

static void test_messages(void **state) {
    llmf_part parts[2];
    (void)state;
    begin();
    question_add(&Q, LLMF_SYSTEM, "s");
    question_add(&Q, LLMF_USER, "a");
    question_add(&Q, LLMF_ASSISTANT, ""); /* says nothing: no item */
    question_add(&Q, LLMF_ASSISTANT, "b");
    question_add(&Q, LLMF_USER, "");
    parts[0] = question_text("c");
    parts[1] = question_text("d");
    question_add(&Q, LLMF_USER, "x")->parts = parts;
    Q.messages[5].part_count = 2;
    question_add(&Q, LLMF_ASSISTANT, NULL)->parts = parts;
    Q.messages[6].part_count = 1;
    body(HEAD "\"input\":[{\"role\":\"system\",\"content\":\"s\"}," USER("a") "," SAYS("b") "," USER("")
         ",{\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":\"x\"},{\"type\":\"input_text\",\"text\":\"c\"},{\"type\":\"input_text\",\"text\":\"d\"}]},"
         "{\"role\":\"assistant\",\"content\":[{\"type\":\"output_text\",\"text\":\"c\"}]}]}");
    begin();
    Q.model.quirks = LLMFI_Q_DEVELOPER_ROLE;
    question_add(&Q, LLMF_SYSTEM, "s");
    body(HEAD "\"input\":[{\"role\":\"developer\",\"content\":\"s\"}]}");
}

static void test_tool_turn(void **state) {
    static llmf_tool_call calls[2];
    llmf_part image = question_media(LLMF_PART_IMAGE, "https://h/i.png", NULL, NULL);
    llmf_message *m;
    (void)state;
    memset(calls, 0, sizeof calls);
    calls[0].id = LLMFI_LIT("call_1");
    calls[0].name = LLMFI_LIT("f");
    calls[0].arguments = LLMFI_LIT(" {\"a\": 1e2} ");
    calls[1].id = LLMFI_LIT("functions.g:0");
    calls[1].name = LLMFI_LIT("g");
    calls[1].arguments = LLMFI_LIT("{\"cut");
    calls[1].invalid = true;
    begin();
    question_add(&Q, LLMF_USER, "Hi");
    m = question_add(&Q, LLMF_ASSISTANT, "calling");
    m->tool_calls = calls;
    m->tool_call_count = 2;
    m->reasoning = LLMFI_LIT("not sent: it is no item of theirs");
    question_add(&Q, LLMF_TOOL, "42")->tool_call_id = LLMFI_LIT("call_1");
    m = question_add(&Q, LLMF_TOOL, "see");
    m->tool_call_id = LLMFI_LIT("functions.g:0");
    m->parts = &image;
    m->part_count = 1;
    body(HEAD "\"input\":[" USER("Hi") "," SAYS("calling") "," CALLS("call_1", "f", " {\\\"a\\\": 1e2} ") "," CALLS("functions.g:0", "g", "{\\\"cut") "," GIVES("call_1", "\"42\"") ","
         GIVES("functions.g:0", "[{\"type\":\"input_text\",\"text\":\"see\"},{\"type\":\"input_image\",\"image_url\":\"https://h/i.png\"}]") "]}");
}

static void one_part(llmf_part part, const char *item) {
    char expected[512];
    begin();
    question_add(&Q, LLMF_USER, NULL)->parts = &part;
    Q.messages[0].part_count = 1;
    snprintf(expected, sizeof expected, HEAD "\"input\":[{\"role\":\"user\",\"content\":[%s]}]}", item);
    body(expected);
}

static void no_part(int role, llmf_part part, int code, const char *says) {
    begin();
    question_add(&Q, role, "x")->parts = &part;
    Q.messages[0].part_count = 1;
    refused(code, says);
}

static void test_parts(void **state) {
    llmf_part image = question_media(LLMF_PART_IMAGE, NULL, "GIF89a", NULL), file = question_media(LLMF_PART_FILE, NULL, "%PDF-1", NULL);
    (void)state;
    one_part(question_media(LLMF_PART_IMAGE, "https://h/i.png", NULL, NULL), "{\"type\":\"input_image\",\"image_url\":\"https://h/i.png\"}");
    image.detail = "low";
    one_part(image, "{\"type\":\"input_image\",\"image_url\":\"data:image/gif;base64,R0lGODlh\",\"detail\":\"low\"}");
    one_part(file, "{\"type\":\"input_file\",\"filename\":\"file\",\"file_data\":\"data:application/pdf;base64,JVBERi0x\"}");
    file.name = "a.pdf";
    one_part(file, "{\"type\":\"input_file\",\"filename\":\"a.pdf\",\"file_data\":\"data:application/pdf;base64,JVBERi0x\"}");
    one_part(question_media(LLMF_PART_FILE, "data:text/plain;base64,eA==", NULL, NULL), "{\"type\":\"input_file\",\"filename\":\"file\",\"file_data\":\"data:text/plain;base64,eA==\"}");
    one_part(question_media(LLMF_PART_FILE, "https://h/a.pdf", NULL, NULL), "{\"type\":\"input_file\",\"file_url\":\"https://h/a.pdf\"}");
    no_part(LLMF_USER, question_media(LLMF_PART_AUDIO, NULL, "x", "audio/wav"), LLMF_ERR_UNSUPPORTED, "audio");
    no_part(LLMF_ASSISTANT, image, LLMF_ERR_UNSUPPORTED, "messages.parts");
    no_part(LLMF_SYSTEM, file, LLMF_ERR_UNSUPPORTED, "messages.parts");
    no_part(LLMF_USER, question_media(LLMF_PART_IMAGE, NULL, NULL, NULL), LLMF_ERR_ARGUMENT, "messages.parts");
}

static void choice(const char *word, int parallel, uint32_t quirks, const char *members) {
    char text[512];
    hi();
    question_tool(&Q, "f", NULL, NULL);
    Q.req.tool_choice = word;
    Q.req.parallel_tool_calls = parallel;
    Q.model.quirks = quirks;
    snprintf(text, sizeof text, HEAD HI ",\"tools\":[" TOOL("f", "\"parameters\":" EMPTY "%s") "]%s}", quirks & LLMFI_Q_NO_STRICT ? "" : ",\"strict\":false", members);
    body(text);
}

static void test_tools(void **state) {
    (void)state;
    choice(NULL, LLMF_UNSET, 0, "");
    choice("auto", LLMF_YES, 0, ",\"tool_choice\":\"auto\",\"parallel_tool_calls\":true");
    choice("none", LLMF_UNSET, LLMFI_Q_NO_STRICT, ",\"tool_choice\":\"none\"");
    choice("required", LLMF_NO, 0, ",\"tool_choice\":\"required\",\"parallel_tool_calls\":false");
    choice("required", LLMF_UNSET, LLMFI_Q_TOOL_ANY, ",\"tool_choice\":\"any\"");
    choice("f", LLMF_UNSET, 0, ",\"tool_choice\":{\"type\":\"function\",\"name\":\"f\"}");
    hi();
    question_tool(&Q, "f", "does f", "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"object\",\"properties\":{}}}}");
    question_tool(&Q, "g", "", "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}},\"required\":[\"a\"]}");
    question_tool(&Q, "h", NULL, NULL);
    Q.tools[1].strict = Q.tools[2].strict = true; /* each object is closed */
    body(HEAD HI ",\"tools\":[" TOOL("f", "\"description\":\"does f\",\"parameters\":{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"object\",\"properties\":{}}}},\"strict\":false") ","
         TOOL("g", "\"parameters\":{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}},\"required\":[\"a\"],\"additionalProperties\":false},\"strict\":true") ","
         TOOL("h", "\"parameters\":{\"type\":\"object\",\"properties\":{},\"additionalProperties\":false},\"strict\":true") "]}");
    hi();
    question_tool(&Q, "f", NULL, NULL);
    Q.model.quirks = LLMFI_Q_NO_PARALLEL_FIELD;
    Q.req.parallel_tool_calls = LLMF_NO;
    refused(LLMF_ERR_UNSUPPORTED, "parallel_tool_calls");
}

static void test_format(void **state) {
    (void)state;
    hi();
    Q.req.format = "json";
    body(HEAD "\"text\":{\"format\":{\"type\":\"json_object\"}}," HI "}");
    hi();
    Q.ask.format = question_json(&Q, "{\"title\":\"My answer!\",\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}},\"required\":[\"a\"]}");
    body(HEAD "\"text\":{\"format\":{\"type\":\"json_schema\",\"name\":\"My_answer_\",\"strict\":true,\"schema\":{\"title\":\"My answer!\",\"type\":\"object\","
              "\"properties\":{\"a\":{\"type\":\"string\"}},\"required\":[\"a\"],\"additionalProperties\":false}}}," HI "}");
    hi(); /* what strict mode would refuse */
    Q.ask.format = question_json(&Q, "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}}}");
    body(HEAD "\"text\":{\"format\":{\"type\":\"json_schema\",\"name\":\"response\",\"strict\":false,\"schema\":{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}}}}}," HI "}");
    hi();
    Q.ask.format = question_json(&Q, "{\"type\":\"object\"}");
    Q.model.quirks = LLMFI_Q_NO_SCHEMA;
    body(HEAD "\"text\":{\"format\":{\"type\":\"json_object\"}}," HI "}");
    hi();
    Q.req.format = "json";
    Q.model.quirks = LLMFI_Q_NO_JSON_MODE;
    refused(LLMF_ERR_UNSUPPORTED, "format");
}

static void think(const char *word, uint32_t quirks, const char *members) {
    char text[256];
    hi();
    Q.req.reasoning = word;
    Q.model.quirks = quirks;
    snprintf(text, sizeof text, HEAD "%s" HI "}", members);
    body(text);
}

static void test_reasoning(void **state) {
    static const char *const stop[] = { "END" };
    (void)state;
    think(NULL, 0, "");
    think("", 0, "");
    think("none", 0, "\"reasoning\":{\"effort\":\"none\"},");
    think("none", LLMFI_Q_NO_REASONING, "");
    think("high", 0, "\"reasoning\":{\"effort\":\"high\",\"summary\":\"auto\"},");
    think("low", LLMFI_Q_ENCRYPTED_REASONING, "\"include\":[\"reasoning.encrypted_content\"],\"reasoning\":{\"effort\":\"low\",\"summary\":\"auto\"},");
    think("4096 tokens", LLMFI_Q_REASONING_OBJECT, "\"reasoning\":{\"max_tokens\":4096,\"summary\":\"auto\"},");
    hi();
    Q.req.reasoning = "4096 tokens";
    refused(LLMF_ERR_UNSUPPORTED, "reasoning");
    hi();
    Q.req.reasoning = "low";
    Q.model.quirks = LLMFI_Q_NO_REASONING;
    refused(LLMF_ERR_UNSUPPORTED, "reasoning");
    hi();
    Q.model.quirks = LLMFI_Q_NO_SAMPLING;
    Q.req.temperature = 0.5;
    refused(LLMF_ERR_UNSUPPORTED, "temperature");
    hi();
    Q.model.quirks = LLMFI_Q_NO_SAMPLING;
    Q.req.temperature = Q.req.top_p = 1; /* what it does anyway */
    body(HEAD HI "}");
    hi(); /* what the API has no member for */
    Q.req.stop = stop;
    Q.req.stop_count = 1;
    refused(LLMF_ERR_UNSUPPORTED, "stop");
    hi();
    Q.req.use_seed = true;
    refused(LLMF_ERR_UNSUPPORTED, "seed");
}

static void test_extra(void **state) {
    (void)state;
    hi();
    question_system(&Q, "s");
    question_tool(&Q, "f", NULL, NULL);
    Q.req.tool_choice = "required";
    Q.req.reasoning = "low";
    Q.req.max_tokens = 7;
    Q.req.format = "json";
    Q.model.quirks = LLMFI_Q_ENCRYPTED_REASONING;
    Q.model.extra = question_json(&Q, "{\"service_tier\":\"flex\",\"max_output_tokens\":8,\"store\":true,\"include\":[]}");
    Q.ask.extra = question_json(&Q, "{\"model\":\"m\",\"max_output_tokens\":9,\"instructions\":\"mine\",\"tools\":[{\"type\":\"web_search\"}],\"tool_choice\":\"auto\",\"reasoning\":{},"
                                    "\"text\":{\"verbosity\":\"low\"},\"input\":\"Hi\"}");
    body("{\"service_tier\":\"flex\",\"store\":true,\"include\":[],\"model\":\"m\",\"max_output_tokens\":9,\"instructions\":\"mine\",\"tools\":[{\"type\":\"web_search\"}],"
         "\"tool_choice\":\"auto\",\"reasoning\":{},\"text\":{\"verbosity\":\"low\"},\"input\":\"Hi\"}");
    hi();
    Q.ask.extra = question_json(&Q, "{\"stream\":true}");
    refused(LLMF_ERR_ARGUMENT, "extra.stream");
}

#define RS(id) "{\"type\":\"reasoning\",\"id\":\"" id "\",\"summary\":[],\"encrypted_content\":\"gAA=\"}"

/* One assistant message with that state and text, and the calls a, b; the items that it becomes. */
static void turn(const char *provider, const char *kept, const char *text, size_t calls, const char *items) {
    static llmf_tool_call both[2];
    char expected[1024];
    llmf_message *m;
    memset(both, 0, sizeof both);
    both[0].id = LLMFI_LIT("a");
    both[1].id = LLMFI_LIT("b");
    both[0].name = both[1].name = LLMFI_LIT("f");
    hi();
    Q.model.provider = llmfi_cstr(provider);
    m = question_add(&Q, LLMF_ASSISTANT, text);
    m->state = llmfi_cstr(kept);
    m->tool_calls = both;
    m->tool_call_count = calls;
    snprintf(expected, sizeof expected, HEAD "\"input\":[" USER("Hi") "%s%s]}", *items ? "," : "", items);
    body(expected);
}

#define CALL_A CALLS("a", "f", "{}")
#define CALL_B CALLS("b", "f", "{}")

/* What a state holds comes in front of what it came in front of. Another provider's is left out; a damaged one is told. */
static void test_state(void **state) {
    static const char *const others[] = { "openai/x:{\"a\":1}", "xai:[{}]", "openai_responses", "openai_response:[{}]", "" };
    static const char *const damaged[] = { "openai_responses:[{\"type\":", "openai_responses:{}", "openai_responses:[]]", "openai_responses:7" };
    llmf_message *m;
    llmf_part part;
    size_t i;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(others); i++) turn("openai_responses", others[i], "t", 1, SAYS("t") "," CALL_A);
    for (i = 0; i < LLMFI_COUNT(damaged); i++) {
        hi();
        question_add(&Q, LLMF_ASSISTANT, "a")->state = llmfi_cstr(damaged[i]);
        refused(LLMF_ERR_ARGUMENT, "messages.state");
    }
    turn("xai", "xai:[" RS("1") ",1]", "t", 0, RS("1") "," SAYS("t"));
    turn("xai", "xai:[" RS("1") ",null," RS("2") ",null]", "", 2, RS("1") "," CALL_A "," RS("2") "," CALL_B);
    turn("xai", "xai:[1," RS("1") ",null]", "t", 2, SAYS("t") "," RS("1") "," CALL_A "," CALL_B);
    turn("xai", "xai:[" RS("1") ",3," RS("2") ",2]", "onetw", 0, RS("1") "," SAYS("one") "," RS("2") "," SAYS("tw"));
    turn("xai", "xai:[" RS("1") ",3," RS("2") ",2]", "edited", 0, RS("1") "," SAYS("edited") "," RS("2")); /* cannot be cut any more */
    turn("xai", "xai:[" RS("1") ",99999999999999999999,-1,1e3,null,\"x\",[7],true]", "t", 0, RS("1") "," SAYS("t"));
    turn("xai", "xai:[]", "t", 0, SAYS("t"));
    turn("xai", "xai:[1]", "", 0, "");
    part = question_text("p"); /* parts cannot be cut: all of it stands at the first message */
    hi();
    m = question_add(&Q, LLMF_ASSISTANT, "ab");
    m->parts = &part;
    m->part_count = 1;
    m->state = LLMFI_LIT("openai_responses:[" RS("1") ",1," RS("2") ",1]");
    body(HEAD "\"input\":[" USER("Hi") "," RS("1") ",{\"role\":\"assistant\",\"content\":[{\"type\":\"output_text\",\"text\":\"ab\"},{\"type\":\"output_text\",\"text\":\"p\"}]}," RS("2") "]}");
}

static void test_path(void **state) {
    char got[32];
    llmfi_out o;
    (void)state;
    hi();
    llmfi_out_window(&o, got, sizeof got, 0);
    A->path(&Q.ask, &o);
    assert_true(llmfi_eq(llmfi_str(got, o.len), LLMFI_LIT("/responses")));
}

/* ---- replies ---- */

#define RESPONSE(output, status, more) "{\"id\":\"resp_1\",\"object\":\"response\",\"status\":\"" status "\",\"error\":null,\"model\":\"gpt-y\",\"output\":[" output "]," more "\"metadata\":{}}"
#define DONE(output, usage) RESPONSE(output, "completed", "\"incomplete_details\":null,\"usage\":" usage ",")
#define PART(t) "{\"type\":\"output_text\",\"annotations\":[],\"logprobs\":[],\"text\":\"" t "\"}"
#define MESSAGE(parts) "{\"id\":\"msg_1\",\"type\":\"message\",\"status\":\"completed\",\"content\":[" parts "],\"role\":\"assistant\"}"
#define FUNCTION(id, name, args) "{\"id\":\"fc_" id "\",\"type\":\"function_call\",\"status\":\"completed\",\"arguments\":\"" args "\",\"call_id\":\"" id "\",\"name\":\"" name "\"}"
#define THOUGHT(id, code, summary) "{\"id\":\"" id "\",\"type\":\"reasoning\",\"encrypted_content\":\"" code "\",\"summary\":[" summary "]}"
#define SUMMARY(t) "{\"type\":\"summary_text\",\"text\":\"" t "\"}"
#define SEARCH "{\"id\":\"ws_1\",\"type\":\"web_search_call\",\"status\":\"completed\",\"action\":{\"type\":\"search\",\"query\":\"q\"}}"
#define U "{\"input_tokens\":3,\"input_tokens_details\":{\"cached_tokens\":2},\"output_tokens\":5,\"output_tokens_details\":{\"reasoning_tokens\":4},\"total_tokens\":8}"
#define STATE(items) " state=openai_responses:[" items "]"

static const reply_case unary[] = {
    { "1 parts and messages are one text", false, DONE(MESSAGE(PART("a ") "," PART(" b\\n\\ud83d\\ude00\\ud800")) "," MESSAGE(PART("c")), U),
      "T:a |T: b\n\xf0\x9f\x98\x80\xef\xbf\xbd|T:c|U:3,2,-,5,4|=stop(completed)gpt-y" },
    { "1 empty is valid", false, DONE("", "null"), "=stop(completed)gpt-y" },
    { "9 output_text is not read", false, "{\"output_text\":\"no\",\"output\":[" MESSAGE(PART("yes")) "],\"status\":\"completed\"}", "T:yes|=stop(completed)" },
    { "3 summaries and reasoning text; state", false,
      DONE("{\"id\":\"rs_1\",\"summary\":[" SUMMARY("s1") "," SUMMARY("s2") "],\"content\":[{\"type\":\"reasoning_text\",\"text\":\"r\"}],\"encrypted_content\":\"E\",\"type\":\"reasoning\"}," MESSAGE(PART("x")), "{}"),
      "R:r|R:s1|R:s2|T:x|=stop(completed)gpt-y"
      STATE("{\"id\":\"rs_1\",\"summary\":[" SUMMARY("s1") "," SUMMARY("s2") "],\"content\":[{\"type\":\"reasoning_text\",\"text\":\"r\"}],\"encrypted_content\":\"E\",\"type\":\"reasoning\"},1") },
    { "state: order, calls, own tools", false,
      DONE(THOUGHT("1", "A", "") "," SEARCH "," THOUGHT("2", "B", "") "," MESSAGE(PART("two") "," PART("x")) "," THOUGHT("3", "C", "") "," FUNCTION("c1", "f", "{}") "," FUNCTION("c2", "f", "{}"), "{}"),
      "T:two|T:x|S0:c1,f|D0:{}|C0:{}|S1:c2,f|D1:{}|C1:{}|=tool_calls(completed)gpt-y"
      STATE(THOUGHT("1", "A", "") "," SEARCH "," THOUGHT("2", "B", "") ",4," THOUGHT("3", "C", "") ",null,null") },
    { "state: reasoning without its item goes", false,
      DONE(THOUGHT("1", "A", "") "," THOUGHT("2", "B", "") ",{\"type\":\"image_generation_call\",\"result\":\"iVBO\"}," THOUGHT("3", "C", "") "," MESSAGE(PART("x")) "," THOUGHT("4", "D", ""), "{}"),
      "T:x|=stop(completed)gpt-y" STATE(THOUGHT("3", "C", "") ",1") },
    { "state: nothing to give back is none", false,
      DONE("{\"type\":\"reasoning\",\"id\":\"rs\",\"summary\":[" SUMMARY("s") "],\"encrypted_content\":null,\"content\":[]}," MESSAGE(PART("x")) "," FUNCTION("c", "f", "{}"), "{}"),
      "R:s|T:x|S0:c,f|D0:{}|C0:{}|=tool_calls(completed)gpt-y" },
    { "state: plain reasoning goes back too", false, DONE("{\"type\":\"reasoning\",\"id\":\"rs\",\"content\":[{\"type\":\"reasoning_text\",\"text\":\"r\"}]}," MESSAGE(PART("x")), "{}"),
      "R:r|T:x|=stop(completed)gpt-y" STATE("{\"type\":\"reasoning\",\"id\":\"rs\",\"content\":[{\"type\":\"reasoning_text\",\"text\":\"r\"}]},1") },
    { "6 refusal", false, DONE(THOUGHT("1", "A", "") "," MESSAGE("{\"type\":\"refusal\",\"refusal\":\"I can't\"}"), U), "F:I can't|U:3,2,-,5,4|=refusal(completed)gpt-y" },
    { "7, 10 what the provider runs itself is nothing", false,
      DONE(SEARCH ",{\"type\":\"code_interpreter_call\",\"code\":\"no\",\"outputs\":[{\"type\":\"logs\",\"logs\":\"no\"}]},{\"type\":\"mcp_call\",\"name\":\"n\",\"arguments\":\"{}\",\"output\":\"no\"},"
           "{\"type\":\"custom_tool_call\",\"call_id\":\"c\",\"name\":\"n\",\"input\":\"no\"},{\"type\":\"novelty\",\"content\":[" PART("no") "]},7,null,[" PART("no") "]," MESSAGE("{\"type\":\"novelty\",\"text\":\"no\"}," PART("yes")), "{}"),
      "T:yes|=stop(completed)gpt-y" STATE(SEARCH ",{\"type\":\"code_interpreter_call\",\"code\":\"no\",\"outputs\":[{\"type\":\"logs\",\"logs\":\"no\"}]},"
      "{\"type\":\"mcp_call\",\"name\":\"n\",\"arguments\":\"{}\",\"output\":\"no\"},3") },
    { "11, 12 calls", false, DONE(FUNCTION("c1", "f", "{\\\"a\\\":1.50}") "," FUNCTION("c2", "g", "") ",{\"type\":\"function_call\",\"call_id\":\"c3\",\"name\":\"h\",\"arguments\":null}", "{}"),
      "S0:c1,f|D0:{\"a\":1.50}|C0:{\"a\":1.50}|S1:c2,g|C1:{}|S2:c3,h|C2:{}|=tool_calls(completed)gpt-y" },
    { "12 cut arguments, 15 the reason before the status", false,
      RESPONSE(FUNCTION("c1", "f", "{\\\"a\\\":"), "incomplete", "\"incomplete_details\":{\"reason\":\"max_output_tokens\"},"), "S0:c1,f|D0:{\"a\":|C0:!{\"a\":|=length(max_output_tokens)gpt-y" },
    { "17 the answer was blocked", false, RESPONSE(MESSAGE(PART("x")), "incomplete", "\"incomplete_details\":{\"reason\":\"content_filter\"},"), "T:x|=content_filter(content_filter)gpt-y" },
    { "19 counts", false, DONE(MESSAGE(PART("x")), "{\"input_tokens\":9,\"input_tokens_details\":{\"cached_tokens\":3,\"cache_write_tokens\":2},\"output_tokens\":0,\"cached_tokens\":7}"),
      "T:x|U:9,3,2,0,-|=stop(completed)gpt-y" },
    { "21 no part exceeds its whole", false, DONE("", "{\"input_tokens\":2,\"input_tokens_details\":{\"cached_tokens\":3},\"output_tokens\":1,\"output_tokens_details\":{\"reasoning_tokens\":4}}"),
      "U:2,2,-,1,1|=stop(completed)gpt-y" },
    { "citations", false,
      DONE(MESSAGE("{\"text\":\"x\",\"type\":\"output_text\",\"annotations\":[{\"type\":\"url_citation\",\"url\":\"http:\\/\\/a\",\"title\":\"\\u00c4\",\"start_index\":0},{\"type\":\"file_citation\",\"file_id\":\"f\","
                   "\"filename\":\"n\"},{\"type\":\"url_citation\",\"url\":\"http://b\"},null]}"), "{}"),
      "T:x|=stop(completed)gpt-y cites=http://a,\xc3\x84 cites=http://b," },
    { "29, 31 failed", false, "{\"object\":\"response\",\"status\":\"failed\",\"error\":{\"code\":\"rate_limit_exceeded\",\"message\":\"slow\"},\"output\":[" MESSAGE(PART("half")) "]}", "T:half|!10(rate_limit_exceeded)slow" },
    { "31 failed without a word", false, RESPONSE("", "failed", ""), "!16(failed)" },
    { "29 an error with status 200", false, "{\"error\":{\"message\":\"no\",\"type\":\"server_error\",\"param\":null,\"code\":null}}", "!16(server_error)no" },
    { "28 another protocol", false, "{\"choices\":[],\"error\":null}", "!20()" },
    { "28 no object", false, "[]", "!20()" },
    { "28 no JSON", false, "<html>\n", "!20()" },
};

#define EV(type, members) "{\"type\":\"response." type "\",\"sequence_number\":1," members "}\n"
#define CREATED EV("created", "\"response\":" RESPONSE("", "in_progress", "\"usage\":null,")) EV("in_progress", "\"response\":" RESPONSE("", "in_progress", ""))
#define ADDED(i, item) EV("output_item.added", "\"output_index\":" i ",\"item\":" item)
#define OVER(i, item) EV("output_item.done", "\"output_index\":" i ",\"item\":" item)
#define AT(i, part) "\"item_id\":\"it\",\"output_index\":" i ",\"content_index\":" part ","
#define SAID(i, t) EV("output_text.delta", AT(i, "0") "\"delta\":\"" t "\",\"logprobs\":[]")
#define ALL(i, t) EV("output_text.done", AT(i, "0") "\"text\":\"" t "\",\"logprobs\":[]")
#define ARGS(i, t) EV("function_call_arguments.delta", "\"item_id\":\"it\",\"output_index\":" i ",\"delta\":\"" t "\"")
#define ALL_ARGS(i, t) EV("function_call_arguments.done", "\"item_id\":\"it\",\"output_index\":" i ",\"arguments\":\"" t "\"")
#define SUMS(i, n, t) EV("reasoning_summary_text.delta", "\"item_id\":\"it\",\"output_index\":" i ",\"summary_index\":" n ",\"delta\":\"" t "\"")
#define END(output) EV("completed", "\"response\":" DONE(output, U))
#define USED "U:3,2,-,5,4|=stop(completed)gpt-y"
#define NEW_CALL(id, name) "{\"id\":\"fc\",\"type\":\"function_call\",\"status\":\"in_progress\",\"arguments\":\"\",\"call_id\":\"" id "\",\"name\":\"" name "\"}"

static const reply_case streams[] = {
    { "9 text is told once", true,
      CREATED ADDED("0", MESSAGE("")) EV("content_part.added", AT("0", "0") "\"part\":" PART("")) SAID("0", "Hel") SAID("0", "lo \\u00e9") SAID("0", "") ALL("0", "Hello \\u00e9")
          EV("content_part.done", AT("0", "0") "\"part\":" PART("Hello \\u00e9")) OVER("0", MESSAGE(PART("Hello \\u00e9"))) END(MESSAGE(PART("Hello \\u00e9"))),
      "T:Hel|T:lo \xc3\xa9|" USED },
    { "9 what comes in a later form only", true,
      CREATED ALL("0", "a") OVER("1", MESSAGE(PART("b"))) SAID("2", "c") END(MESSAGE(PART("a")) "," MESSAGE(PART("b")) "," MESSAGE(PART("c") "," PART("d")) "," MESSAGE(PART("e"))), "T:a|T:b|T:c|T:d|T:e|" USED },
    { "9 an empty piece has told nothing", true, SAID("0", "") ALL("0", "") OVER("0", MESSAGE(PART("x"))) END(MESSAGE(PART("x"))), "T:x|" USED },
    { "9 pieces stand against the whole", true, SAID("0", "ab") ALL("0", "abc") END(MESSAGE(PART("abcd"))), "T:ab|" USED },
    { "9 parts that are counted from elsewhere", true, EV("output_text.delta", AT("1", "1") "\"delta\":\"x\"") EV("output_text.delta", AT("1", "4") "\"delta\":\"y\"")
      END(MESSAGE("") "," MESSAGE(PART("x") "," PART("y") "," PART("z"))), "T:x|T:y|T:z|" USED },
    { "9 without output_index it is the first", true, "{\"type\":\"response.output_text.delta\",\"delta\":\"x\"}\n" END(MESSAGE(PART("x"))), "T:x|" USED },
    { "places in any order", true,
      SAID("5", "a") SAID("2", "b") SAID("9", "c") SAID("2", "d") EV("refusal.delta", AT("2", "0") "\"delta\":\"r\"") EV("output_text.delta", AT("2", "3") "\"delta\":\"e\"") SAID("0", "f")
          END(MESSAGE(PART("f")) ",{},"  MESSAGE(PART("bd") "," PART("e") ",{\"type\":\"refusal\",\"refusal\":\"r\"}") ",{},{}," MESSAGE(PART("a")) ",{},{},{}," MESSAGE(PART("c"))),
      "T:a|T:b|T:c|T:d|F:r|T:e|T:f|U:3,2,-,5,4|=refusal(completed)gpt-y" },
    { "3 reasoning: summaries, text, state", true,
      CREATED ADDED("0", THOUGHT("rs", "", "")) EV("reasoning_summary_part.added", "\"output_index\":0,\"summary_index\":0,\"part\":" SUMMARY("")) SUMS("0", "0", "s") SUMS("0", "0", "1")
          EV("reasoning_summary_text.done", "\"output_index\":0,\"summary_index\":0,\"text\":\"s1\"") SUMS("0", "1", "s2") EV("reasoning_text.delta", AT("0", "0") "\"delta\":\"r\"")
              EV("reasoning_text.done", AT("0", "0") "\"text\":\"r\"") OVER("0", THOUGHT("rs", "E\\n", SUMMARY("s1") "," SUMMARY("s2"))) SAID("1", "x") OVER("1", MESSAGE(PART("x")))
                  END(THOUGHT("rs", "other", SUMMARY("s1") "," SUMMARY("s2") "," SUMMARY("s3")) "," MESSAGE(PART("x"))),
      "R:s|R:1|R:s2|R:r|T:x|R:s3|" USED STATE(THOUGHT("rs", "E\\n", SUMMARY("s1") "," SUMMARY("s2")) ",1") },
    { "state: each item once", true,
      OVER("0", THOUGHT("1", "A", "")) ARGS("1", "{}") OVER("1", FUNCTION("c", "f", "{}")) OVER("2", SEARCH) END(THOUGHT("1", "A", "") "," FUNCTION("c", "f", "{}") "," SEARCH "," FUNCTION("d", "g", "{}")),
      "S0:c,f|D0:{}|C0:{}|S1:d,g|D1:{}|C1:{}|U:3,2,-,5,4|=tool_calls(completed)gpt-y" STATE(THOUGHT("1", "A", "") ",null," SEARCH ",null") },
    { "state from the last object alone", true, SAID("1", "xy") END(THOUGHT("rs", "E", "") "," MESSAGE(PART("xy"))), "T:xy|" USED STATE(THOUGHT("rs", "E", "") ",2") },
    { "calls in pieces", true,
      CREATED ADDED("0", NEW_CALL("c1", "f")) ARGS("0", "") ARGS("0", "{\\\"a\\\"") ARGS("0", ":\\\"\\u00fc\\\"}") ALL_ARGS("0", "{\\\"a\\\":\\\"\\u00fc\\\"}") OVER("0", FUNCTION("c1", "f", "{\\\"a\\\":\\\"\\u00fc\\\"}"))
          ADDED("1", NEW_CALL("c2", "g")) ARGS("1", "{}") OVER("1", FUNCTION("c2", "g", "{}")) END(FUNCTION("c1", "f", "{}") "," FUNCTION("c2", "g", "{}")),
      "S0:c1,f|D0:{\"a\"|D0::\"\xc3\xbc\"}|C0:{\"a\":\"\xc3\xbc\"}|S1:c2,g|D1:{}|C1:{}|U:3,2,-,5,4|=tool_calls(completed)gpt-y" },
    { "9 arguments at the end only", true, ADDED("3", NEW_CALL("c1", "f")) ALL_ARGS("3", "{\\\"a\\\":1}") OVER("3", FUNCTION("c1", "f", "{\\\"a\\\":2}")) END(""),
      "S0:c1,f|D0:{\"a\":1}|C0:{\"a\":1}|U:3,2,-,5,4|=tool_calls(completed)gpt-y" },
    { "9 arguments in the item only, in the last object only", true, ADDED("0", NEW_CALL("c1", "f")) ALL_ARGS("0", "") OVER("0", FUNCTION("c1", "f", "[1]")) ADDED("1", NEW_CALL("c2", "g"))
      END(FUNCTION("c1", "f", "[2]") "," FUNCTION("c2", "g", "[3]") "," FUNCTION("c3", "h", "[4]")),
      "S0:c1,f|D0:[1]|C0:[1]|S1:c2,g|D1:[3]|C1:[3]|S2:c3,h|D2:[4]|C2:[4]|U:3,2,-,5,4|=tool_calls(completed)gpt-y" },
    { "calls whose pieces mix, names that come late", true, ARGS("0", "{") ADDED("1", NEW_CALL("c2", "g")) ARGS("1", "[") ARGS("0", "}") ARGS("1", "]") OVER("0", FUNCTION("c1", "f", "{}")) END(""),
      "S1:c2,g|D1:[|D1:]|S0:c1,f|D0:{}|C0:{}|C1:[]|U:3,2,-,5,4|=tool_calls(completed)gpt-y" },
    { "6 refusal in pieces", true, EV("refusal.delta", AT("0", "0") "\"delta\":\"I \"") EV("refusal.delta", AT("0", "0") "\"delta\":\"can't\"") EV("refusal.done", AT("0", "0") "\"refusal\":\"I can't\"")
      EV("refusal.done", AT("1", "0") "\"refusal\":\"!\"") END(MESSAGE("{\"type\":\"refusal\",\"refusal\":\"I can't\"}")), "F:I |F:can't|F:!|U:3,2,-,5,4|=refusal(completed)gpt-y" },
    { "7, 10, 27 events that say nothing", true,
      EV("code_interpreter_call_code.delta", "\"output_index\":0,\"delta\":\"no\"") EV("mcp_call_arguments.delta", "\"output_index\":0,\"delta\":\"no\"") EV("custom_tool_call_input.delta", "\"output_index\":0,\"delta\":\"no\"")
          EV("audio.delta", "\"delta\":\"no\"") EV("image_generation_call.partial_image", "\"partial_image_b64\":\"iVBO\"") EV("queued", "\"response\":{}") EV("novelty", "\"text\":\"no\",\"error\":{\"message\":\"no\"}") "{\"delta\":\"no\"}\n{\"type\":7}\n7\n"
              ADDED("0", "{\"type\":\"custom_tool_call\",\"call_id\":\"c\",\"name\":\"n\"}") OVER("0", "{\"type\":\"mcp_call\",\"id\":\"m\"}") OVER("1", "[]") ADDED("2", "null") EV("output_text.delta", AT("0", "0") "\"delta\":null") END(""),
      USED STATE("{\"type\":\"mcp_call\",\"id\":\"m\"}") },
    { "citations", true, SAID("0", "x") EV("output_text.annotation.added", AT("0", "0") "\"annotation\":{\"type\":\"url_citation\",\"url\":\"u\",\"title\":\"t\"}")
      EV("output_text.annotation.added", AT("0", "0") "\"annotation\":{\"type\":\"file_citation\",\"filename\":\"n\"}")
      END(MESSAGE("{\"type\":\"output_text\",\"text\":\"x\",\"annotations\":[{\"type\":\"url_citation\",\"url\":\"u\",\"title\":\"t\"},{\"type\":\"url_citation\",\"url\":\"v\",\"title\":\"\"}]}")), "T:x|" USED " cites=u,t cites=v," },
    { "15 incomplete", true, SAID("0", "x") EV("incomplete", "\"response\":" RESPONSE(THOUGHT("1", "E", ""), "incomplete", "\"incomplete_details\":{\"reason\":\"max_output_tokens\"},")), "T:x|=length(max_output_tokens)gpt-y" },
    { "26 what comes after the end", true, END("") "[DONE]\n" SAID("0", "x") OVER("1", THOUGHT("rs", "E", "")) OVER("2", SEARCH) EV("completed", "\"response\":{\"usage\":{\"output_tokens\":6}}"), "T:x|U:-,-,-,6,-|=stop(completed)gpt-y" },
    { "25 [DONE] is no end", true, SAID("0", "x") "[DONE]\n", "T:x|!21()" },
    { "members in any order, keys with escapes", true,
      "{\"sequence_number\":22,\"delta\":\"a\",\"content_index\":0,\"\\u0074ype\":\"response.output_text.delta\",\"output_index\":1}\n"
      "{\"response\":{\"output\":[{\"content\":[],\"type\":\"message\"},{\"content\":[{\"text\":\"a\",\"type\":\"output_text\"}],\"type\":\"message\"}],\"status\":\"completed\"},\"type\":\"response.completed\"}\n",
      "T:a|=stop(completed)" },
    { "29, 32 an error: flat, then failed", true, SAID("0", "half") "{\"type\":\"error\",\"code\":\"insufficient_quota\",\"message\":\"no money\",\"param\":null,\"sequence_number\":3}\n"
      EV("failed", "\"response\":" "{\"status\":\"failed\",\"error\":{\"code\":\"server_error\",\"message\":\"other\"}}"), "T:half|!11(insufficient_quota)no money" },
    { "29 an error: nested", true, SAID("0", "half") "{\"type\":\"error\",\"sequence_number\":2,\"error\":{\"type\":\"insufficient_quota\",\"code\":\"insufficient_quota\",\"message\":\"no money\",\"param\":null}}\n", "T:half|!11(insufficient_quota)no money" },
    { "29 an error without a type", true, SAID("0", "half") "{\"error\":{\"message\":\"oops\",\"code\":503}}\n", "T:half|!15(503)oops" },
    { "31 failed", true, SAID("0", "half") EV("failed", "\"response\":{\"status\":\"failed\",\"error\":{\"code\":\"rate_limit_exceeded\",\"message\":\"slow\"},\"output\":[]}"), "T:half|!10(rate_limit_exceeded)slow" },
    { "28 an event that is no JSON", true, SAID("0", "a") "{\"type\":\"response.output_text.delta\",\"delta\":\"b\"]\n", "T:a|!20()" },
    { "25 cut", true, CREATED SAID("0", "half"), "T:half|!21()" },
    { "25 cut in a call: it is none", true, ADDED("0", NEW_CALL("c1", "f")) ARGS("0", "{\\\"a"), "S0:c1,f|D0:{\"a|!21()" },
};

static void test_unary(void **state) {
    (void)state;
    answer_cases(A, "openai_responses", unary, LLMFI_COUNT(unary));
}

static void test_streams(void **state) {
    (void)state;
    answer_cases(A, "openai_responses", streams, LLMFI_COUNT(streams));
}

/* Events that are the same but for their holes are read by their form: what nearly fits it is read, or refused, as ever. */
#define NEAR(number, delta, pad) "{\"type\":\"response.output_text.delta\",\"content_index\":0,\"delta\":\"" delta "\",\"item_id\":\"m\",\"obfuscation\":\"" pad "\",\"output_index\":0,\"sequence_number\":" number "}\n"
static const reply_case forms[] = {
    { "the same form", true, NEAR("8", "a", "xyz") NEAR("9", "b\\u00e9\\\"", "") NEAR("10", "", "\\u0041\\\\") NEAR("0", "\xc3\xa9", "x") END(MESSAGE(PART("ab"))), "T:a|T:b\xc3\xa9\"|T:\xc3\xa9|" USED },
    { "another item", true, NEAR("1", "a", "x") SAID("1", "b") SAID("1", "c") ARGS("2", "{") ARGS("2", "}") NEAR("2", "d", "") END(MESSAGE(PART("ad")) "," MESSAGE(PART("bc")) "," FUNCTION("c", "f", "{}")),
      "T:a|T:b|T:c|T:d|S0:c,f|D0:{}|C0:{}|U:3,2,-,5,4|=tool_calls(completed)gpt-y" },
    { "bad UTF-8", true, NEAR("1", "a", "x") NEAR("2", "b\xff", "\xff") END(""), "T:a|T:b\xef\xbf\xbd|" USED },
    { "a number that is none", true, NEAR("1", "a", "x") NEAR("01", "b", "x"), "T:a|!20()" },
    { "another number", true, NEAR("1", "a", "x") NEAR("-1.5", "b", "x") NEAR("2", "c", "x") END(""), "T:a|T:b|T:c|" USED },
    { "no number", true, NEAR("1", "a", "x") NEAR("", "b", "x"), "T:a|!20()" },
    { "a bad escape", true, NEAR("1", "a", "x") NEAR("2", "b\\q", "x"), "T:a|!20()" },
    { "a bad escape in the padding", true, NEAR("1", "a", "x") NEAR("2", "b", "\\u12"), "T:a|!20()" },
    { "a control character", true, NEAR("1", "a", "x") NEAR("2", "b\t", "x"), "T:a|!20()" },
    { "something behind it", true, NEAR("1", "a", "x") "{\"type\":\"response.output_text.delta\",\"content_index\":0,\"delta\":\"b\",\"item_id\":\"m\",\"obfuscation\":\"\",\"output_index\":0,\"sequence_number\":2}}\n", "T:a|!20()" },
    { "a member more", true, NEAR("1", "a", "x") "{\"type\":\"response.output_text.delta\",\"content_index\":0,\"delta\":\"b\",\"item_id\":\"m\",\"obfuscation\":\"\",\"output_index\":0,\"sequence_number\":2,\"p\":{}}\n" END(""), "T:a|T:b|" USED },
    { "null in its place", true, NEAR("1", "a", "x") "{\"type\":\"response.output_text.delta\",\"content_index\":0,\"delta\":null,\"item_id\":\"m\",\"obfuscation\":\"\",\"output_index\":0,\"sequence_number\":2}\n" END(""), "T:a|" USED },
};

static void test_forms(void **state) {
    (void)state;
    answer_cases(A, "openai_responses", forms, LLMFI_COUNT(forms));
}

/* A limit holds, and one less is allowed. */
static void many_parts(int count, int code) {
    answer a;
    char frame[200];
    int i;
    answer_init(&a, "p", true);
    a.reply.discard = true;
    for (i = count; i > 0; i--) {
        snprintf(frame, sizeof frame, "{\"type\":\"response.output_text.delta\",\"output_index\":%d,\"delta\":\"x\"}", i);
        answer_frame(&a, A, llmfi_cstr(frame));
    }
    answer_frame(&a, A, LLMFI_LIT("{\"type\":\"response.completed\",\"response\":{}}"));
    assert_int_equal(a.reply.error.code, code);
    answer_free(&a);
}

static void test_limits(void **state) {
    (void)state;
    many_parts(LLMF_MAX_REPLY_PARTS, LLMF_OK);
    many_parts(LLMF_MAX_REPLY_PARTS + 1, LLMF_ERR_LIMIT);
}

/* 11: an id is made where there is none. */
static void test_ids(void **state) {
    answer a;
    llmf_str one, two;
    (void)state;
    answer_init(&a, "p", false);
    answer_frame(&a, A, LLMFI_LIT(DONE(FUNCTION("", "f", "{}") "," FUNCTION("", "f", "{}"), "{}")));
    answer_end(&a, A);
    assert_int_equal(a.reply.call_count, 2);
    one = a.reply.calls[0].id;
    two = a.reply.calls[1].id;
    assert_true(one.len && two.len && !llmfi_eq(one, two));
    answer_free(&a);
}

/* What a reply gave goes back as it came, between the same messages and calls; text that was handed out and dropped counts as well. */
static void test_round_trip(void **state) {
    static char kept[1024];
    static llmf_tool_call call;
    llmf_message *m;
    answer a;
    bool discard = false;
    (void)state;
    do {
        answer_init(&a, "xai", true);
        a.reply.discard = discard;
        answer_feed(&a, A, SAID("1", "\\u00fcn") OVER("0", THOUGHT("1", "A", "")) OVER("1", MESSAGE(PART("\\u00fcn"))) OVER("2", THOUGHT("2", "B+/=", SUMMARY("s\\n"))) SAID("3", "two") OVER("3", MESSAGE(PART("two")))
                    OVER("4", THOUGHT("3", "C", "")) OVER("5", FUNCTION("c1", "f", "{}")) END(""), LLMFI_NOWHERE);
        assert_true(a.reply.state.len < sizeof kept);
        memcpy(kept, a.reply.state.ptr, a.reply.state.len);
        hi();
        Q.model.provider = LLMFI_LIT("xai");
        m = question_add(&Q, LLMF_ASSISTANT, "\xc3\xbcntwo");
        m->state = llmfi_str(kept, a.reply.state.len);
        call.id = LLMFI_LIT("c1");
        call.name = LLMFI_LIT("f");
        m->tool_calls = &call;
        m->tool_call_count = 1;
        log_free(&a.log);
        body(HEAD "\"input\":[" USER("Hi") "," THOUGHT("1", "A", "") "," SAYS("\xc3\xbcn") "," THOUGHT("2", "B+/=", SUMMARY("s\\n")) "," SAYS("two") "," THOUGHT("3", "C", "") "," CALLS("c1", "f", "{}") "]}");
        discard = !discard;
    } while (discard);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),  cmocka_unit_test(test_messages),  cmocka_unit_test(test_tool_turn), cmocka_unit_test(test_parts),
        cmocka_unit_test(test_tools),  cmocka_unit_test(test_format),    cmocka_unit_test(test_reasoning), cmocka_unit_test(test_extra),
        cmocka_unit_test(test_state),  cmocka_unit_test(test_path),      cmocka_unit_test(test_unary),     cmocka_unit_test(test_streams),
        cmocka_unit_test(test_forms),  cmocka_unit_test(test_limits),    cmocka_unit_test(test_ids),       cmocka_unit_test(test_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
