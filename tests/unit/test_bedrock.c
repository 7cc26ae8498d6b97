/* Bedrock's Converse: bodies to the byte, refusals; replies and streams rule by rule (numbers are those of RULES.md); and Claude through InvokeModel. */
#include "../../providers/bedrock.h"
#include "dialect.h"

#define B (&llmfi_bedrock)
#define USER(content) "{\"role\":\"user\",\"content\":[" content "]}"
#define TEXT(text) "{\"text\":\"" text "\"}"
#define HI "\"messages\":[" USER(TEXT("Hi")) "]"
#define POINT "{\"cachePoint\":{\"type\":\"default\"}}"
#define CLAUDE (LLMFI_Q_THINKING_OBJECT | LLMFI_Q_CACHE_POINTS)

static question Q;

static void begin(void) {
    question_init(&Q, "anthropic.claude-x-v1:0");
    Q.model.provider = LLMFI_LIT("bedrock");
}

static void hi(void) {
    begin();
    question_add(&Q, LLMF_USER, "Hi");
}

static void body(const char *expected) {
    question_refused(&Q, B, LLMF_OK, "");
    question_body(&Q, B, false, expected);
}

static void refused(int code, const char *part) {
    question_refused(&Q, B, code, part);
}

/* ---- requests ---- */

static void test_plain(void **state) {
    static const char *const stop[] = { "END", "\n\n" };
    (void)state;
    hi();
    body("{" HI "}");
    hi();
    Q.req.max_tokens = 100;
    Q.req.temperature = LLMF_ZERO;
    Q.req.top_p = 0.5;
    Q.req.stop = stop;
    Q.req.stop_count = 2;
    question_system(&Q, "Be \"brief\"");
    body("{\"inferenceConfig\":{\"maxTokens\":100,\"temperature\":0,\"topP\":0.5,\"stopSequences\":[\"END\",\"\\n\\n\"]},\"system\":[" TEXT("Be \\\"brief\\\"") "]," HI "}");
    hi(); /* user has no member; a cache point is for models that take it */
    Q.req.user = "u";
    Q.req.cache = true;
    body("{" HI "}");
    hi();
    Q.req.use_seed = true;
    refused(LLMF_ERR_UNSUPPORTED, "seed");
    hi();
    Q.req.temperature = 1.5;
    refused(LLMF_ERR_UNSUPPORTED, "temperature");
    hi();
    Q.req.temperature = 0.5;
    Q.model.quirks = LLMFI_Q_NO_TEMPERATURE;
    refused(LLMF_ERR_UNSUPPORTED, "temperature");
    hi();
    Q.req.top_p = 0.5;
    Q.model.quirks = LLMFI_Q_NO_TEMPERATURE;
    refused(LLMF_ERR_UNSUPPORTED, "top_p");
    hi();
    Q.req.stop = stop;
    Q.req.stop_count = 1;
    Q.model.quirks = LLMFI_Q_NO_TEMPERATURE;
    body("{\"inferenceConfig\":{\"stopSequences\":[\"END\"]}," HI "}");
}

static void path_is(const char *model, bool stream, const char *expected) {
    char got[256];
    llmfi_out o;
    hi();
    Q.model.model_id = llmfi_cstr(model);
    Q.req.stream = stream;
    llmfi_out_window(&o, got, sizeof got, 0);
    B->path(&Q.ask, &o);
    got[o.len] = '\0';
    assert_string_equal(got, expected);
}

static void test_path(void **state) {
    (void)state;
    path_is("anthropic.claude-3-7-sonnet-20250219-v1:0", false, "/model/anthropic.claude-3-7-sonnet-20250219-v1%3A0/converse");
    path_is("arn:aws:bedrock:us-east-1:1:inference-profile/us.x", true, "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Fus.x/converse-stream");
    hi();
    Q.model.model_id = LLMFI_LIT("..");
    refused(LLMF_ERR_CONFIG, "model_id");
    hi();
    Q.model.model_id = LLMFI_LIT("");
    refused(LLMF_ERR_CONFIG, "model_id");
}

static void test_messages(void **state) {
    llmf_part parts[2];
    (void)state;
    begin(); /* system texts wherever they stand; neighbours of one side are one message; what is empty is none */
    question_system(&Q, "one");
    question_add(&Q, LLMF_SYSTEM, "two");
    question_add(&Q, LLMF_USER, "a");
    question_add(&Q, LLMF_USER, "b");
    question_add(&Q, LLMF_ASSISTANT, "");
    question_add(&Q, LLMF_SYSTEM, "three");
    question_add(&Q, LLMF_USER, "c");
    question_add(&Q, LLMF_ASSISTANT, "d");
    parts[0] = question_text("");
    parts[1] = question_text("e");
    Q.messages[5].parts = parts;
    Q.messages[5].part_count = 2;
    body("{\"system\":[" TEXT("one") "," TEXT("two") "," TEXT("three") "],\"messages\":[" USER(TEXT("a") "," TEXT("b") "," TEXT("c") "," TEXT("e"))
         ",{\"role\":\"assistant\",\"content\":[" TEXT("d") "]}]}");
    hi();
    Q.messages[0].name = LLMFI_LIT("Ann");
    refused(LLMF_ERR_UNSUPPORTED, "messages.name");
}

static void test_cache(void **state) {
    (void)state;
    begin();
    question_system(&Q, "s");
    question_add(&Q, LLMF_USER, "a");
    question_add(&Q, LLMF_ASSISTANT, "b");
    question_add(&Q, LLMF_USER, "c");
    Q.req.cache = true;
    Q.model.quirks = CLAUDE;
    body("{\"system\":[" TEXT("s") "," POINT "],\"messages\":[" USER(TEXT("a")) ",{\"role\":\"assistant\",\"content\":[" TEXT("b") "]}," USER(TEXT("c") "," POINT) "]}");
}

/* ---- media ---- */

static llmf_part media[3];

static void ask_about(size_t count) {
    hi();
    Q.messages[0].parts = media;
    Q.messages[0].part_count = count;
}

static void test_media(void **state) {
    (void)state;
    media[0] = question_media(LLMF_PART_IMAGE, NULL, "\x89PNG", NULL);
    media[1] = question_media(LLMF_PART_IMAGE, "data:image/jpeg;base64,QUJD", NULL, NULL);
    media[2] = question_media(LLMF_PART_IMAGE, "s3://bucket/a/b.webp", NULL, NULL);
    ask_about(3);
    body("{\"messages\":[" USER(TEXT("Hi") ",{\"image\":{\"format\":\"png\",\"source\":{\"bytes\":\"iVBORw==\"}}},{\"image\":{\"format\":\"jpeg\",\"source\":{\"bytes\":\"QUJD\"}}},"
         "{\"image\":{\"format\":\"webp\",\"source\":{\"s3Location\":{\"uri\":\"s3://bucket/a/b.webp\"}}}}") "]}");
    media[0] = question_media(LLMF_PART_FILE, NULL, "%PDF", NULL);
    media[1] = question_media(LLMF_PART_FILE, NULL, "a,b", "text/csv");
    media[1].name = "Q3 report  (final)_v2.csv";
    media[2] = question_media(LLMF_PART_FILE, NULL, "x", "text/x-log");
    ask_about(3);
    body("{\"messages\":[" USER(TEXT("Hi") ",{\"document\":{\"format\":\"pdf\",\"name\":\"document\",\"source\":{\"bytes\":\"JVBERg==\"}}},"
         "{\"document\":{\"format\":\"csv\",\"name\":\"Q3 report (final)-v2 2\",\"source\":{\"bytes\":\"YSxi\"}}},"
         "{\"document\":{\"format\":\"txt\",\"name\":\"document 3\",\"source\":{\"bytes\":\"eA==\"}}}") "]}");
    media[0] = question_media(LLMF_PART_AUDIO, NULL, "RIFF0000WAVE", NULL);
    media[1] = question_media(LLMF_PART_FILE, NULL, "v", "video/mp4");
    ask_about(2);
    body("{\"messages\":[" USER(TEXT("Hi") ",{\"audio\":{\"format\":\"wav\",\"source\":{\"bytes\":\"UklGRjAwMDBXQVZF\"}}},{\"video\":{\"format\":\"mp4\",\"source\":{\"bytes\":\"dg==\"}}}") "]}");
}

static void no_part(int role, int type, const char *url, const char *data, const char *type_name, const char *says) {
    media[0] = question_media(type, url, data, type_name);
    ask_about(1);
    Q.messages[0].role = role;
    refused(LLMF_ERR_UNSUPPORTED, says);
}

static void test_no_media(void **state) {
    (void)state;
    no_part(LLMF_USER, LLMF_PART_IMAGE, "https://h/i.png", NULL, NULL, "s3://");
    no_part(LLMF_USER, LLMF_PART_IMAGE, NULL, "x", "image/tiff", "messages.parts");
    no_part(LLMF_USER, LLMF_PART_FILE, NULL, "x", "application/zip", "messages.parts");
    no_part(LLMF_USER, LLMF_PART_IMAGE, "data:image/png,raw", NULL, NULL, "messages.parts");
    no_part(LLMF_ASSISTANT, LLMF_PART_IMAGE, NULL, "GIF8", NULL, "users and tools only");
    media[0] = question_media(LLMF_PART_FILE, NULL, "%PDF", NULL);
    ask_about(1);
    Q.messages[0].content = NULL;
    Q.messages[0].content_len = 0;
    refused(LLMF_ERR_UNSUPPORTED, "messages.content");
}

/* Names of any length and any bytes stay names. */
static void test_long_name(void **state) {
    static char name[5000], expected[1024];
    (void)state;
    memset(name, 'n', sizeof name - 1);
    media[0] = question_media(LLMF_PART_FILE, NULL, "x", "text/plain");
    media[0].name = name;
    ask_about(1);
    snprintf(expected, sizeof expected, "{\"messages\":[" USER(TEXT("Hi") ",{\"document\":{\"format\":\"txt\",\"name\":\"%.*s\",\"source\":{\"bytes\":\"eA==\"}}}") "]}", LLMFI_BEDROCK_NAME - 25, name);
    body(expected);
    media[0].name = ".\xc3\xa4";
    ask_about(1);
    body("{\"messages\":[" USER(TEXT("Hi") ",{\"document\":{\"format\":\"txt\",\"name\":\"---\",\"source\":{\"bytes\":\"eA==\"}}}") "]}");
}

/* ---- tools ---- */

#define SCHEMA "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\"}}}"
#define F "{\"toolSpec\":{\"name\":\"f\",\"description\":\"d\",\"inputSchema\":{\"json\":" SCHEMA "}}}"
#define G "{\"toolSpec\":{\"name\":\"g\",\"inputSchema\":{\"json\":{\"type\":\"object\"}}}}"

static void tools(void) {
    hi();
    question_tool(&Q, "f", "d", SCHEMA);
    question_tool(&Q, "g", NULL, NULL);
}

static void test_tools(void **state) {
    (void)state;
    tools();
    body("{" HI ",\"toolConfig\":{\"tools\":[" F "," G "]}}");
    tools();
    Q.req.tool_choice = "required";
    body("{" HI ",\"toolConfig\":{\"tools\":[" F "," G "],\"toolChoice\":{\"any\":{}}}}");
    tools();
    Q.req.tool_choice = "g";
    body("{" HI ",\"toolConfig\":{\"tools\":[" F "," G "],\"toolChoice\":{\"tool\":{\"name\":\"g\"}}}}");
    hi();
    question_tool(&Q, "f", "d", SCHEMA);
    Q.tools[0].strict = true; /* closed, as constrained output demands */
    body("{" HI ",\"toolConfig\":{\"tools\":[{\"toolSpec\":{\"name\":\"f\",\"description\":\"d\",\"inputSchema\":{\"json\":{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\"}},"
         "\"additionalProperties\":false}},\"strict\":true}}]}}");
    tools();
    Q.req.tool_choice = "none";
    refused(LLMF_ERR_UNSUPPORTED, "tool_choice");
    tools();
    Q.req.parallel_tool_calls = LLMF_NO;
    refused(LLMF_ERR_UNSUPPORTED, "parallel_tool_calls");
}

static llmf_tool_call calls[2];

/* An assistant's turn with two calls behind "Hi"; their results follow. */
static llmf_message *turn(const char *text) {
    llmf_message *m;
    memset(calls, 0, sizeof calls);
    calls[0].id = LLMFI_LIT("tooluse_a.b:1");
    calls[0].name = LLMFI_LIT("f");
    calls[0].arguments = LLMFI_LIT("{\"a\": 1e2}");
    calls[1].id = LLMFI_LIT("call|2");
    calls[1].name = LLMFI_LIT("g");
    hi();
    m = question_add(&Q, LLMF_ASSISTANT, text);
    m->tool_calls = calls;
    m->tool_call_count = 2;
    question_add(&Q, LLMF_TOOL, "42")->tool_call_id = LLMFI_LIT("tooluse_a.b:1");
    question_add(&Q, LLMF_TOOL, NULL)->tool_call_id = LLMFI_LIT("call|2");
    Q.messages[3].is_error = true;
    return m;
}

#define USES "{\"toolUse\":{\"toolUseId\":\"tooluse_a.b:1\",\"name\":\"f\",\"input\":{\"a\": 1e2}}},{\"toolUse\":{\"toolUseId\":\"call_2\",\"name\":\"g\",\"input\":{}}}"
#define RESULTS USER("{\"toolResult\":{\"toolUseId\":\"tooluse_a.b:1\",\"content\":[" TEXT("42") "]}},{\"toolResult\":{\"toolUseId\":\"call_2\",\"content\":[],\"status\":\"error\"}}")
#define TURN(assistant) "{\"messages\":[" USER(TEXT("Hi")) ",{\"role\":\"assistant\",\"content\":[" assistant "]}," RESULTS "]}"
#define THOUGHT "{\"reasoningContent\":{\"reasoningText\":{\"text\":\"hm\",\"signature\":\"c2ln\"}}}"

static void test_tool_turn(void **state) {
    (void)state;
    turn(NULL);
    body(TURN(USES));
    turn("I look.")->state = LLMFI_LIT("bedrock:[" THOUGHT "]"); /* what was thought comes first */
    body(TURN(THOUGHT "," TEXT("I look.") "," USES));
    turn("I look.")->state = LLMFI_LIT("anthropic:[" THOUGHT "]"); /* another provider's is not sent */
    body(TURN(TEXT("I look.") "," USES));
    turn("x")->state = LLMFI_LIT("bedrock:[{\"a\":");
    refused(LLMF_ERR_ARGUMENT, "messages.state");
    turn("x")->state = LLMFI_LIT("bedrock:{}");
    refused(LLMF_ERR_ARGUMENT, "messages.state");
    turn(NULL);
    calls[0].arguments = LLMFI_LIT("{\"a\":");
    calls[0].invalid = true;
    body(TURN("{\"toolUse\":{\"toolUseId\":\"tooluse_a.b:1\",\"name\":\"f\",\"input\":{\"arguments_raw\":\"{\\\"a\\\":\"}}},{\"toolUse\":{\"toolUseId\":\"call_2\",\"name\":\"g\",\"input\":{}}}"));
}

/* ---- format, reasoning, extra ---- */

static void test_format(void **state) {
    (void)state;
    hi();
    Q.ask.format = question_json(&Q, "{\"type\":\"object\",\"properties\":{\"a\\\"b\":{\"type\":\"string\",\"enum\":[\"\\u00e4\\n\"]}}}");
    body("{\"outputConfig\":{\"textFormat\":{\"type\":\"json_schema\",\"structure\":{\"jsonSchema\":{\"name\":\"response\",\"schema\":"
         "\"{\\\"type\\\":\\\"object\\\",\\\"properties\\\":{\\\"a\\\\\\\"b\\\":{\\\"type\\\":\\\"string\\\",\\\"enum\\\":[\\\"\xc3\xa4\\\\n\\\"]}},\\\"additionalProperties\\\":false}\"}}}}," HI "}");
    hi();
    Q.req.format = "json";
    refused(LLMF_ERR_UNSUPPORTED, "format");
    hi();
    Q.model.quirks = LLMFI_Q_NO_SCHEMA;
    Q.ask.format = question_json(&Q, "{}");
    refused(LLMF_ERR_UNSUPPORTED, "format");
}

static void thinks(const char *reasoning, uint32_t quirks, int64_t max_tokens, const char *fields) {
    char expected[512];
    hi();
    Q.req.reasoning = reasoning;
    Q.req.max_tokens = max_tokens;
    Q.model.quirks = quirks;
    if (max_tokens) snprintf(expected, sizeof expected, "{\"inferenceConfig\":{\"maxTokens\":%d},\"additionalModelRequestFields\":{%s}," HI "}", (int)max_tokens, fields);
    else snprintf(expected, sizeof expected, "{\"additionalModelRequestFields\":{%s}," HI "}", fields);
    body(expected);
}

static void thinks_not(const char *reasoning, uint32_t quirks, int code) {
    hi();
    Q.req.reasoning = reasoning;
    Q.model.quirks = quirks;
    refused(code, "reasoning");
}

static void test_reasoning(void **state) {
    (void)state;
    thinks("2000 tokens", CLAUDE, 4000, "\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":2000}");
    thinks("10000 tokens", CLAUDE, 0, "\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":10000}"); /* without a limit the model's own counts */
    thinks("high", CLAUDE, 0, "\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":16384}");
    thinks("max", CLAUDE, 0, "\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":30976}");
    thinks("high", CLAUDE, 4096, "\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":3072}");
    thinks("high", CLAUDE | LLMFI_Q_ADAPTIVE_THINKING, 0, "\"thinking\":{\"type\":\"adaptive\",\"display\":\"summarized\"},\"output_config\":{\"effort\":\"high\"}");
    thinks("2000 tokens", CLAUDE | LLMFI_Q_ADAPTIVE_THINKING | LLMFI_Q_TOKEN_BUDGET, 0, "\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":2000}");
    thinks("minimal", LLMFI_Q_REASONING_CONFIG, 0, "\"reasoningConfig\":{\"type\":\"enabled\",\"maxReasoningEffort\":\"low\"}");
    thinks("max", LLMFI_Q_REASONING_CONFIG, 0, "\"reasoningConfig\":{\"type\":\"enabled\",\"maxReasoningEffort\":\"high\"}");
    thinks("medium", LLMFI_Q_THINKING_EFFORT, 0, "\"reasoning_effort\":\"medium\"");
    hi();
    Q.req.reasoning = "none";
    Q.model.quirks = CLAUDE;
    body("{" HI "}");
    thinks_not("high", 0, LLMF_ERR_UNSUPPORTED);
    thinks_not("high", LLMFI_Q_NO_REASONING, LLMF_ERR_UNSUPPORTED);
    thinks_not("2000 tokens", CLAUDE | LLMFI_Q_ADAPTIVE_THINKING, LLMF_ERR_UNSUPPORTED);
    thinks_not("2000 tokens", LLMFI_Q_REASONING_CONFIG, LLMF_ERR_UNSUPPORTED);
    thinks_not("5 tokens", CLAUDE, LLMF_ERR_ARGUMENT);
    hi();
    Q.req.reasoning = "5000 tokens";
    Q.req.max_tokens = 5000;
    Q.model.quirks = CLAUDE;
    refused(LLMF_ERR_ARGUMENT, "reasoning");
    hi();
    Q.req.reasoning = "high";
    Q.req.max_tokens = 10;
    Q.model.quirks = LLMFI_Q_REASONING_CONFIG;
    refused(LLMF_ERR_UNSUPPORTED, "reasoning");
    tools();
    Q.req.reasoning = "high";
    Q.req.tool_choice = "required";
    Q.model.quirks = CLAUDE;
    refused(LLMF_ERR_UNSUPPORTED, "tool_choice");
    hi();
    Q.req.reasoning = "high";
    Q.req.temperature = 0.5;
    Q.model.quirks = CLAUDE;
    refused(LLMF_ERR_UNSUPPORTED, "temperature");
}

static void test_extra(void **state) {
    (void)state;
    hi();
    Q.ask.extra = question_json(&Q, "{\"additionalModelRequestFields\":{\"top_k\":5},\"guardrailConfig\":{\"guardrailIdentifier\":\"g\"}}");
    Q.model.extra = question_json(&Q, "{\"additionalModelRequestFields\":{\"top_k\":1,\"x\":2},\"requestMetadata\":{\"a\":\"b\"}}");
    Q.req.reasoning = "2000 tokens";
    Q.model.quirks = CLAUDE;
    body("{\"additionalModelRequestFields\":{\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":2000},\"x\":2,\"top_k\":5}," HI
         ",\"requestMetadata\":{\"a\":\"b\"},\"guardrailConfig\":{\"guardrailIdentifier\":\"g\"}}");
    hi(); /* what they say we do not */
    Q.ask.extra = question_json(&Q, "{\"additionalModelRequestFields\":{\"thinking\":{\"type\":\"x\"}},\"inferenceConfig\":{},\"system\":[],\"toolConfig\":{}}");
    Q.req.reasoning = "high";
    Q.req.max_tokens = 5;
    question_system(&Q, "s");
    question_tool(&Q, "f", NULL, NULL);
    Q.model.quirks = CLAUDE;
    body("{\"additionalModelRequestFields\":{\"thinking\":{\"type\":\"x\"}}," HI ",\"inferenceConfig\":{},\"system\":[],\"toolConfig\":{}}");
}

/* ---- replies ---- */

#define MESSAGE(content, rest) "{\"output\":{\"message\":{\"role\":\"assistant\",\"content\":[" content "]}}," rest "}"

static void test_replies(void **state) {
    static const reply_case cases[] = {
        { "text", false, MESSAGE("{\"text\":\"Hel\"},{\"text\":\"lo\"}", "\"stopReason\":\"end_turn\",\"usage\":{\"inputTokens\":3,\"outputTokens\":2,\"totalTokens\":5},\"metrics\":{\"latencyMs\":1}"),
          "T:Hel|T:lo|U:3,-,-,2,-|=stop(end_turn)" },
        { "usage 19", false, MESSAGE("", "\"usage\":{\"inputTokens\":3,\"cacheReadInputTokens\":10,\"cacheWriteInputTokens\":null,\"cacheWriteInputTokenCount\":20,\"outputTokens\":0}"),
          "U:33,10,20,0,-|=other()" },
        { "reasoning 3", false,
          MESSAGE("{\"reasoningContent\":{\"reasoningText\":{\"text\":\"h\\u006d\",\"signature\":\"c2ln\"}}},{\"reasoningContent\":{\"redactedContent\":\"UkVE\"}},"
                  "{\"reasoningContent\":{\"reasoningText\":{\"text\":\"unsigned\"}}},{\"text\":\"a\"}", "\"stopReason\":\"max_tokens\""),
          "R:hm|R:unsigned|T:a|=length(max_tokens) state=p:[{\"reasoningContent\":{\"reasoningText\":{\"text\":\"h\\u006d\",\"signature\":\"c2ln\"}}},"
          "{\"reasoningContent\":{\"redactedContent\":\"UkVE\"}}]" },
        { "calls 10, 12", false,
          MESSAGE("{\"toolUse\":{\"toolUseId\":\"s\",\"name\":\"n\",\"input\":{},\"type\":\"server_tool_use\"}},{\"toolUse\":{\"toolUseId\":\"i\",\"name\":\"f\",\"input\":{\"a\": 1.50}}},"
                  "{\"toolUse\":{\"name\":\"g\",\"toolUseId\":\"j\"}}", "\"stopReason\":\"tool_use\""),
          "S0:i,f|D0:{\"a\": 1.50}|C0:{\"a\": 1.50}|S1:j,g|C1:{}|=tool_calls(tool_use)" },
        { "citations 7", false,
          MESSAGE("{\"citationsContent\":{\"content\":[{\"text\":\"b\"},{\"x\":1}],\"citations\":[{\"title\":\"T\",\"location\":{\"web\":{\"url\":\"http://u\",\"domain\":\"u\"}}},"
                  "{\"title\":\"D\",\"source\":\"doc\",\"location\":{\"documentPage\":{\"start\":1}}}]}},{\"image\":{\"format\":\"png\"}}", "\"stopReason\":\"guardrail_intervened\""),
          "T:b|=content_filter(guardrail_intervened) cites=http://u,T cites=doc,D" },
        { "unknown things", false, MESSAGE("1,[{\"text\":\"no\"}],{\"text\":null},{\"text\":\"y\",\"new\":[{}]}", "\"stopReason\":\"malformed_tool_use\",\"trace\":{\"output\":1}"),
          "T:y|=other(malformed_tool_use)" },
        { "other members first", false, "{\"stopReason\":\"end_turn\",\"output\":{\"x\":1,\"message\":{\"content\":[{\"text\":\"a\"}]}}}", "T:a|=stop(end_turn)" },
        { "foreign 28", false, "{\"choices\":[]}", "!20()" },
        { "no message", false, "{\"output\":{}}", "!20()" },
        { "no JSON 28", false, "<html>", "!20()" },
        { "InvokeModel 34", false,
          "{\"model\":\"claude-x\",\"id\":\"msg_1\",\"type\":\"message\",\"content\":[{\"type\":\"text\",\"text\":\"Hi\"}],\"stop_reason\":\"end_turn\",\"usage\":{\"input_tokens\":1,\"output_tokens\":2}}",
          "T:Hi|U:1,-,-,2,-|=stop(end_turn)claude-x" },
    };
    (void)state;
    answer_cases(B, "p", cases, LLMFI_COUNT(cases));
}

#define DELTA(index, delta) "@contentBlockDelta {\"contentBlockIndex\":" #index ",\"delta\":{" delta "},\"p\":\"abcdEFGH12\"}\n"
#define BLOCK(index) "@contentBlockStop {\"contentBlockIndex\":" #index ",\"p\":\"ab\"}\n"
#define STOP(reason) "@messageStop {\"p\":\"a\",\"stopReason\":\"" reason "\"}\n"
#define START(index, start) "@contentBlockStart {\"contentBlockIndex\":" #index ",\"start\":{" start "},\"p\":\"\"}\n"

static void test_streams(void **state) {
    static const reply_case cases[] = {
        { "text", true,
          "@messageStart {\"p\":\"a\",\"role\":\"assistant\"}\n" DELTA(0, "\"text\":\"Hel\"") DELTA(0, "\"text\":\"l\\u00f6\"") BLOCK(0) STOP("end_turn")
          "@metadata {\"metrics\":{\"latencyMs\":9},\"p\":\"x\",\"usage\":{\"inputTokens\":3,\"outputTokens\":2,\"cacheReadInputTokens\":0,\"cacheWriteInputTokens\":1}}\n",
          "T:Hel|T:l\xc3\xb6|U:4,0,1,2,-|=stop(end_turn)" },
        { "not the usual spelling", true,
          "@contentBlockDelta {\"delta\":{\"text\":\"a\"},\"contentBlockIndex\":0}\n@contentBlockDelta {\"contentBlockIndex\":0,\"delta\":{\"text\":\"b\",\"x\":{}},\"p\":\"a b\"}\n"
          "@contentBlockDelta {\"contentBlockIndex\":10,\"delta\":{\"text\":\"c\"},\"p\":\"a\"}\n@contentBlockDelta {\"contentBlockIndex\":0,\"delta\":{\"text\":7},\"p\":\"a\"}\n"
          "@contentBlockDelta {\"contentBlockIndex\":0,\"delta\":{\"text\":\"d\"},\"p\":\"a\\n\"}\n@newThing {\"delta\":{\"text\":\"no\"}}\n@ping \n" STOP("end_turn"),
          "T:a|T:b|T:c|T:d|=stop(end_turn)" },
        { "reasoning 3", true,
          DELTA(0, "\"reasoningContent\":{\"text\":\"h\"}") DELTA(0, "\"reasoningContent\":{\"text\":\"m\"}") DELTA(0, "\"reasoningContent\":{\"signature\":\"c2ln\"}") BLOCK(0)
          DELTA(1, "\"reasoningContent\":{\"redactedContent\":\"UkVE\"}") BLOCK(1) DELTA(2, "\"text\":\"a\"") BLOCK(2) DELTA(3, "\"reasoningContent\":{\"text\":\"more\",\"signature\":\"Mg==\"}") STOP("end_turn"),
          "R:h|R:m|T:a|R:more|=stop(end_turn) state=p:[{\"reasoningContent\":{\"reasoningText\":{\"text\":\"hm\",\"signature\":\"c2ln\"}}},{\"reasoningContent\":{\"redactedContent\":\"UkVE\"}},"
          "{\"reasoningContent\":{\"reasoningText\":{\"text\":\"more\",\"signature\":\"Mg==\"}}}]" },
        { "calls 10, 12", true,
          START(0, "\"toolUse\":{\"toolUseId\":\"s\",\"name\":\"n\",\"type\":\"server_tool_use\"}") DELTA(0, "\"toolUse\":{\"input\":\"{}\"}") BLOCK(0)
          START(1, "\"toolUse\":{\"toolUseId\":\"i\",\"name\":\"f\"}") DELTA(1, "\"toolUse\":{\"input\":\"\"}") DELTA(1, "\"toolUse\":{\"input\":\"{\\\"a\\\"\"}") DELTA(1, "\"toolUse\":{\"input\":\":1}\"}") BLOCK(1)
          START(2, "\"toolUse\":{\"name\":\"g\"}") BLOCK(2) DELTA(2, "\"toolUse\":{\"input\":\"late\"}")
          "@contentBlockStart {\"start\":{\"toolUse\":{\"name\":\"h\",\"toolUseId\":\"k\"}},\"contentBlockIndex\":3}\n" DELTA(3, "\"toolUse\":{\"input\":\"{\\\"cut\"}") STOP("max_tokens"),
          "S0:i,f|D0:{\"a\"|D0::1}|C0:{\"a\":1}|S1:call00002,g|C1:{}|S2:k,h|D2:{\"cut|C2:!{\"cut|=length(max_tokens)" },
        { "a citation", true, DELTA(0, "\"text\":\"a\"") DELTA(0, "\"citation\":{\"title\":\"T\",\"location\":{\"web\":{\"url\":\"http://u\"}}}") STOP("end_turn"), "T:a|=stop(end_turn) cites=http://u,T" },
        { "cut 25", true, DELTA(0, "\"text\":\"a\"") BLOCK(0), "T:a|!21()" },
        { "no JSON 28", true, DELTA(0, "\"text\":\"a\"") "@contentBlockDelta {\"contentBlockIndex\":0,\"delta\":{\"text\":\"b\"}\n", "T:a|!20()" },
        { "no JSON, unknown event", true, "@other nonsense\n", "!20()" },
        { "two bodies", true, "@messageStop {\"stopReason\":\"end_turn\"}{}\n", "!20()" },
        /* {"type":"message_start","message":{"model":"claude-x","usage":{"input_tokens":5}}}
           {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}
           {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}}
           {"type":"message_stop"} */
        { "InvokeModelWithResponseStream 34", true,
          "@chunk {\"bytes\":\"eyJ0eXBlIjoibWVzc2FnZV9zdGFydCIsIm1lc3NhZ2UiOnsibW9kZWwiOiJjbGF1ZGUteCIsInVzYWdlIjp7ImlucHV0X3Rva2VucyI6NX19fQ==\",\"p\":\"ab\"}\n"
          "@chunk {\"bytes\":\"eyJ0eXBlIjoiY29udGVudF9ibG9ja19kZWx0YSIsImluZGV4IjowLCJkZWx0YSI6eyJ0eXBlIjoidGV4dF9kZWx0YSIsInRleHQiOiJIaSJ9fQ==\"}\n"
          "@chunk {\"bytes\":\"eyJ0eXBlIjoibWVzc2FnZV9kZWx0YSIsImRlbHRhIjp7InN0b3BfcmVhc29uIjoiZW5kX3R1cm4ifSwidXNhZ2UiOnsib3V0cHV0X3Rva2VucyI6Mn19\"}\n"
          "@chunk {\"bytes\":\"eyJ0eXBlIjoibWVzc2FnZV9zdG9wIn0=\"}\n",
          "T:Hi|U:5,-,-,2,-|=stop(end_turn)claude-x" },
        { "a chunk that is no base64", true, "@chunk {\"bytes\":\"e*\"}\n", "!20()" },
        { "a chunk that is no JSON", true, "@chunk {\"bytes\":\"bm8=\"}\n", "!20()" },
    };
    (void)state;
    answer_cases(B, "p", cases, LLMFI_COUNT(cases));
}

/* What an error frame of the stream comes to (RULES 29): the engine hands it to these. */
static void test_faults(void **state) {
    static const struct {
        const char *kind, *body;
        int code;
        const char *message;
    } cases[] = {
        { "throttlingException", "{\"message\":\"slow down\"}", LLMF_ERR_RATE_LIMIT, "slow down" },
        { "serviceUnavailableException", "{\"message\":\"m\"}", LLMF_ERR_OVERLOADED, "m" },
        { "modelStreamErrorException", "{\"message\":\"m\",\"originalStatusCode\":424}", LLMF_ERR_SERVER, "m" },
        { "internalServerException", "{\"message\":\"m\"}", LLMF_ERR_SERVER, "m" },
        { "validationException", "{\"message\":\"m\"}", LLMF_ERR_BAD_REQUEST, "m" },
        { "modelTimeoutException", "", LLMF_ERR_TIMEOUT, "" },
        { "newException", "{}", LLMF_ERR_SERVER, "" },
    };
    answer a;
    size_t i;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(cases); i++) {
        answer_init(&a, "p", true);
        llmfi_fault_object(&a.reply, llmfi_cstr(cases[i].body), llmfi_cstr(cases[i].kind));
        assert_int_equal(a.reply.error.code, cases[i].code);
        assert_true(llmfi_eq(a.reply.error.message, llmfi_cstr(cases[i].message)));
        assert_string_equal(a.reply.error.provider_code, cases[i].kind);
        answer_free(&a);
        answer_init(&a, "p", true);
        llmfi_fault_said(&a.reply, llmfi_cstr(cases[i].kind), llmfi_cstr(cases[i].message));
        assert_int_equal(a.reply.error.code, cases[i].code);
        assert_true(llmfi_eq(a.reply.error.message, llmfi_cstr(cases[i].message)));
        answer_free(&a);
    }
}

/* The state of a reply goes back to the byte. */
static void test_round_trip(void **state) {
    static const char frames[] = DELTA(0, "\"reasoningContent\":{\"text\":\"q\\\"\\n\"}") DELTA(0, "\"reasoningContent\":{\"signature\":\"c2ln\"}") BLOCK(0) DELTA(1, "\"text\":\"a\"") STOP("end_turn");
    static char kept[512];
    answer a;
    size_t len;
    (void)state;
    answer_init(&a, "bedrock", true);
    answer_feed(&a, B, frames, LLMFI_NOWHERE);
    len = a.reply.state.len;
    memcpy(kept, a.reply.state.ptr, len);
    answer_free(&a);
    hi();
    question_add(&Q, LLMF_ASSISTANT, "a")->state = llmfi_str(kept, len);
    question_add(&Q, LLMF_USER, "b");
    body("{\"messages\":[" USER(TEXT("Hi")) ",{\"role\":\"assistant\",\"content\":[{\"reasoningContent\":{\"reasoningText\":{\"text\":\"q\\\"\\n\",\"signature\":\"c2ln\"}}}," TEXT("a") "]},"
         USER(TEXT("b")) "]}");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain), cmocka_unit_test(test_path), cmocka_unit_test(test_messages), cmocka_unit_test(test_cache), cmocka_unit_test(test_media),
        cmocka_unit_test(test_no_media), cmocka_unit_test(test_long_name), cmocka_unit_test(test_tools), cmocka_unit_test(test_tool_turn), cmocka_unit_test(test_format),
        cmocka_unit_test(test_reasoning), cmocka_unit_test(test_extra), cmocka_unit_test(test_replies), cmocka_unit_test(test_streams), cmocka_unit_test(test_faults),
        cmocka_unit_test(test_round_trip),
    };
    return cmocka_run_group_tests_name("bedrock", tests, NULL, NULL);
}
