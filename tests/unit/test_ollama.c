/* Ollama's own chat API: bodies to the byte, refusals, replies and streams (numbers are those of RULES.md). */
#include "../../providers/ollama.h"
#include "dialect.h"

#define O (&llmfi_ollama)
#define HEAD "{\"model\":\"m\",\"stream\":false,"
#define HI "\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]"

static question Q;

static void hi(void) {
    question_init(&Q, "m");
    question_add(&Q, LLMF_USER, "Hi");
}

static void body(const char *expected) {
    question_refused(&Q, O, LLMF_OK, "");
    question_body(&Q, O, false, expected);
}

static void refused(int code, const char *part) {
    question_refused(&Q, O, code, part);
}

/* ---- requests ---- */

static void test_plain(void **state) {
    (void)state;
    hi();
    body(HEAD HI "}");
    hi();
    Q.req.stream = true;
    question_system(&Q, "s");
    question_add(&Q, LLMF_SYSTEM, "t");
    body("{\"model\":\"m\",\"stream\":true,\"messages\":[{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"user\",\"content\":\"Hi\"},{\"role\":\"system\",\"content\":\"t\"}]}");
}

static void test_options(void **state) {
    static const char *const stop[] = { "a", "b" };
    (void)state;
    hi();
    Q.req.temperature = LLMF_ZERO;
    Q.req.top_p = 0.5;
    Q.req.max_tokens = 9;
    Q.req.use_seed = true;
    Q.req.seed = -3;
    Q.req.stop = stop;
    Q.req.stop_count = 2;
    Q.model.num_ctx = 8192;
    Q.req.user = "u";
    Q.req.cache = true;
    Q.req.parallel_tool_calls = LLMF_NO;
    body(HEAD "\"options\":{\"temperature\":0,\"top_p\":0.5,\"num_predict\":9,\"num_ctx\":8192,\"seed\":-3,\"stop\":[\"a\",\"b\"]}," HI "}");
    hi();
    Q.model.num_ctx = 4096;
    Q.req.temperature = 0.25;
    Q.model.extra = question_json(&Q, "{\"keep_alive\":\"5m\",\"options\":{\"num_ctx\":1,\"top_k\":2}}");
    Q.ask.extra = question_json(&Q, "{\"options\":{\"num_ctx\":2,\"mirostat\":1},\"keep_alive\":0}");
    body(HEAD "\"options\":{\"temperature\":0.25,\"top_k\":2,\"num_ctx\":2,\"mirostat\":1}," HI ",\"keep_alive\":0}");
    hi();
    Q.ask.extra = question_json(&Q, "{\"stream\":true}");
    refused(LLMF_ERR_ARGUMENT, "extra.stream");
}

static void test_think(void **state) {
    static const char *const words[][2] = { { "none", "false" }, { "minimal", "\"low\"" }, { "low", "\"low\"" }, { "medium", "\"medium\"" }, { "high", "\"high\"" }, { "xhigh", "\"high\"" }, { "max", "\"max\"" } };
    char text[128];
    size_t i;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(words); i++) {
        hi();
        Q.req.reasoning = words[i][0];
        snprintf(text, sizeof text, HEAD "\"think\":%s," HI "}", words[i][1]);
        body(text);
    }
    hi();
    Q.req.reasoning = "100 tokens";
    refused(LLMF_ERR_UNSUPPORTED, "reasoning");
    hi();
    Q.req.reasoning = "low";
    Q.model.quirks = LLMFI_Q_NO_REASONING;
    refused(LLMF_ERR_UNSUPPORTED, "reasoning");
    hi();
    Q.req.reasoning = "low";
    Q.ask.extra = question_json(&Q, "{\"think\":true}");
    body(HEAD HI ",\"think\":true}");
}

static void test_format(void **state) {
    (void)state;
    hi();
    Q.req.format = "json";
    body(HEAD "\"format\":\"json\"," HI "}");
    hi();
    Q.ask.format = question_json(&Q, "{\"type\":\"object\"}");
    body(HEAD "\"format\":{\"type\":\"object\"}," HI "}");
    hi();
    Q.ask.format = question_json(&Q, "{\"type\":\"object\"}");
    Q.model.quirks = LLMFI_Q_NO_SCHEMA;
    body(HEAD "\"format\":\"json\"," HI "}");
    hi();
    Q.req.format = "json";
    Q.model.quirks = LLMFI_Q_NO_JSON_MODE;
    refused(LLMF_ERR_UNSUPPORTED, "format");
}

static void test_tools(void **state) {
    static llmf_tool_call calls[2];
    llmf_message *m;
    (void)state;
    memset(calls, 0, sizeof calls);
    calls[0].id = LLMFI_LIT("c1");
    calls[0].name = LLMFI_LIT("f");
    calls[0].arguments = LLMFI_LIT("{\"a\":1}");
    calls[1].id = LLMFI_LIT("c2");
    calls[1].name = LLMFI_LIT("g");
    calls[1].arguments = LLMFI_LIT("{\"a");
    calls[1].invalid = true;
    hi();
    m = question_add(&Q, LLMF_ASSISTANT, NULL);
    m->reasoning = LLMFI_LIT("hm");
    m->tool_calls = calls;
    m->tool_call_count = 2;
    question_add(&Q, LLMF_TOOL, "42")->tool_call_id = LLMFI_LIT("c2");
    m = question_add(&Q, LLMF_TOOL, "43");
    m->tool_call_id = LLMFI_LIT("c1");
    m->name = LLMFI_LIT("ff");
    question_add(&Q, LLMF_TOOL, "44")->tool_call_id = LLMFI_LIT("c9");
    question_tool(&Q, "f", "does", "{\"type\":\"object\",\"properties\":{}}");
    question_tool(&Q, "g", NULL, NULL);
    body(HEAD "\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"},{\"role\":\"assistant\",\"content\":\"\",\"thinking\":\"hm\",\"tool_calls\":["
              "{\"function\":{\"name\":\"f\",\"arguments\":{\"a\":1}}},{\"function\":{\"name\":\"g\",\"arguments\":{\"arguments_raw\":\"{\\\"a\"}}}]},"
              "{\"role\":\"tool\",\"content\":\"42\",\"tool_name\":\"g\"},{\"role\":\"tool\",\"content\":\"43\",\"tool_name\":\"ff\"},{\"role\":\"tool\",\"content\":\"44\"}],"
              "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"description\":\"does\",\"parameters\":{\"type\":\"object\",\"properties\":{}}}},"
              "{\"type\":\"function\",\"function\":{\"name\":\"g\",\"parameters\":{\"type\":\"object\",\"properties\":{}}}}]}");
    hi();
    question_tool(&Q, "f", NULL, NULL);
    Q.req.tool_choice = "none";
    body(HEAD HI "}");
    hi();
    question_tool(&Q, "f", NULL, NULL);
    Q.req.tool_choice = "required";
    refused(LLMF_ERR_UNSUPPORTED, "tool_choice");
    hi();
    question_tool(&Q, "f", NULL, NULL);
    Q.req.parallel_tool_calls = LLMF_NO;
    refused(LLMF_ERR_UNSUPPORTED, "parallel_tool_calls");
    Q.req.parallel_tool_calls = LLMF_YES;
    question_refused(&Q, O, LLMF_OK, "");
    Q.messages[0].name = LLMFI_LIT("ann");
    refused(LLMF_ERR_UNSUPPORTED, "messages.name");
}

static void test_parts(void **state) {
    llmf_part parts[4];
    (void)state;
    parts[0] = question_text("one");
    parts[1] = question_media(LLMF_PART_IMAGE, NULL, "GIF8", "image/gif");
    parts[2] = question_text("two");
    parts[3] = question_media(LLMF_PART_IMAGE, "data:image/png;base64,QUJD", NULL, NULL);
    hi();
    Q.messages[0].parts = parts;
    Q.messages[0].part_count = 4;
    body(HEAD "\"messages\":[{\"role\":\"user\",\"content\":\"Hi\\none\\ntwo\",\"images\":[\"R0lGOA==\",\"QUJD\"]}]}");
    parts[0] = question_media(LLMF_PART_IMAGE, "https://h/i.png", NULL, NULL);
    hi();
    Q.messages[0].parts = parts;
    Q.messages[0].part_count = 1;
    refused(LLMF_ERR_UNSUPPORTED, "messages.parts.url");
    parts[0] = question_media(LLMF_PART_FILE, NULL, "x", "application/pdf");
    hi();
    Q.messages[0].parts = parts;
    Q.messages[0].part_count = 1;
    refused(LLMF_ERR_UNSUPPORTED, "messages.parts");
}

/* ---- replies ---- */

#define END "\"done_reason\":\"stop\",\"done\":true,\"total_duration\":7,\"prompt_eval_count\":11,\"eval_count\":13}"

static const reply_case unary[] = {
    { "text", false, "{\"model\":\"m:1\",\"created_at\":\"2026\",\"message\":{\"role\":\"assistant\",\"content\":\"Hi \\u263a\",\"thinking\":\"hm\"}," END, "T:Hi \xe2\x98\xba|R:hm|U:11,-,-,13,-|=stop(stop)m:1" },
    { "10 a call; 16", false, "{\"message\":{\"content\":\"\",\"tool_calls\":[{\"id\":\"c\",\"function\":{\"index\":0,\"name\":\"f\",\"arguments\":{\"a\": 1}}}]}," END,
      "S0:c,f|D0:{\"a\": 1}|C0:{\"a\": 1}|U:11,-,-,13,-|=tool_calls(stop)" },
    { "members in any order; arguments as text, empty, null", false,
      "{\"done\":true,\"message\":{\"tool_calls\":[{\"function\":{\"arguments\":\"{\\\"a\\\":2}\",\"name\":\"f\"},\"id\":\"c\"},{\"id\":\"d\",\"function\":{\"name\":\"g\",\"arguments\":{}}},"
      "{\"id\":\"e\",\"function\":{\"name\":\"h\",\"arguments\":null}},{\"id\":\"k\",\"function\":{\"name\":\"i\"}},1,null]},\"eval_count\":null}",
      "S0:c,f|D0:{\"a\":2}|C0:{\"a\":2}|S1:d,g|D1:{}|C1:{}|S2:e,h|C2:{}|S3:k,i|C3:{}|=tool_calls()" },
    { "15", false, "{\"message\":{\"content\":\"x\"},\"done\":true,\"done_reason\":\"length\"}", "T:x|=length(length)" },
    { "15 load", false, "{\"message\":{\"content\":\"\"},\"done\":true,\"done_reason\":\"load\"}", "=other(load)" },
    { "29", false, "{\"error\":\"model 'x' not found\"}", "!16()model 'x' not found" },
    { "28 another protocol", false, "{\"choices\":[]}", "!20()" },
    { "28 no JSON", false, "nope\n", "!20()" },
};

static const reply_case streams[] = {
    { "text", true,
      "{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"\",\"thinking\":\"hm\"},\"done\":false}\n{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"Hel\"},\"done\":false}\n"
      "{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"lo\"},\"done\":false}\n{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"\"}," END "\n",
      "R:hm|T:Hel|T:lo|U:11,-,-,13,-|=stop(stop)m" },
    { "a call on the last line", true, "{\"message\":{\"tool_calls\":[{\"id\":\"c\",\"function\":{\"name\":\"f\",\"arguments\":{}}}]}," END "\n", "S0:c,f|D0:{}|C0:{}|U:11,-,-,13,-|=tool_calls(stop)" },
    { "two calls on two lines", true,
      "{\"message\":{\"tool_calls\":[{\"id\":\"c\",\"function\":{\"name\":\"f\",\"arguments\":{\"a\":1}}}]}}\n{\"message\":{\"tool_calls\":[{\"id\":\"d\",\"function\":{\"name\":\"f\",\"arguments\":{\"a\":2}}}]}}\n{\"done\":true}\n",
      "S0:c,f|D0:{\"a\":1}|C0:{\"a\":1}|S1:d,f|D1:{\"a\":2}|C1:{\"a\":2}|=tool_calls()" },
    { "29, 32 an error in the stream", true, "{\"message\":{\"content\":\"half\"},\"done\":false}\n{\"error\":\"an error was encountered while running the model\"}\n",
      "T:half|!16()an error was encountered while running the model" },
    { "27 unknown lines", true, "{\"status\":\"pulling\"}\n[]\n7\n{\"message\":null,\"error\":null}\n{\"done\":true,\"done_reason\":\"stop\"}\n", "=stop(stop)" },
    { "26 after the end", true, "{\"done\":true}\n{\"eval_count\":3}\n", "U:-,-,-,3,-|=other()" },
    { "25 cut", true, "{\"message\":{\"content\":\"half\"},\"done\":false}\n", "T:half|!21()" },
    { "28 a line that is no JSON", true, "{\"message\":{\"content\":\"half\"}}\n{\"message\":{\"content\":\"more\"}\n{\"done\":true}\n", "T:half|!20()" },
};

static void test_unary(void **state) {
    (void)state;
    answer_cases(O, "ollama", unary, LLMFI_COUNT(unary));
}

static void test_streams(void **state) {
    (void)state;
    answer_cases(O, "ollama", streams, LLMFI_COUNT(streams));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain), cmocka_unit_test(test_options), cmocka_unit_test(test_think),   cmocka_unit_test(test_format),
        cmocka_unit_test(test_tools), cmocka_unit_test(test_parts),   cmocka_unit_test(test_unary), cmocka_unit_test(test_streams),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
