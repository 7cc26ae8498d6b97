/* The Gemini API: bodies to the byte, refusals, paths; replies and streams rule by rule (numbers are those of RULES.md). */
#include "../../providers/gemini.h"
#include "dialect.h"

#define G (&llmfi_gemini)
#define HEAD "{\"generationConfig\":{},"
#define CONTENTS(list) "\"contents\":[" list "]"
#define USER(parts) "{\"role\":\"user\",\"parts\":[" parts "]}"
#define MODEL(parts) "{\"role\":\"model\",\"parts\":[" parts "]}"
#define TEXT(t) "{\"text\":\"" t "\"}"
#define SIGNED(t, s) "{\"text\":\"" t "\",\"thoughtSignature\":\"" s "\"}"
#define HI CONTENTS(USER(TEXT("Hi")))
#define TOOLS(list) ",\"tools\":[{\"functionDeclarations\":[" list "]}]"

static question Q;

static void begin(void) {
    question_init(&Q, "gemini-x");
    Q.model.provider = LLMFI_LIT("gemini");
}

static void hi(void) {
    begin();
    question_add(&Q, LLMF_USER, "Hi");
}

static void body(const char *expected) {
    question_refused(&Q, G, LLMF_OK, "");
    question_body(&Q, G, false, expected);
}

static void refused(int code, const char *part) {
    question_refused(&Q, G, code, part);
}

/* ---- requests ---- */

static void test_plain(void **state) {
    static const char *const stop[] = { "END", "\n\n" };
    (void)state;
    hi();
    body(HEAD HI "}");
    hi();
    Q.req.stream = true; /* the path says it */
    question_system(&Q, "Be \"brief\"");
    body(HEAD "\"systemInstruction\":{\"parts\":[" TEXT("Be \\\"brief\\\"") "]}," HI "}");
    hi();
    Q.req.temperature = LLMF_ZERO;
    Q.req.top_p = 0.5;
    Q.req.max_tokens = 7;
    Q.req.use_seed = true;
    Q.req.seed = -3;
    Q.req.stop = stop;
    Q.req.stop_count = 2;
    Q.req.user = "u"; /* no field for it, nor for cache */
    Q.req.cache = true;
    body("{\"generationConfig\":{\"temperature\":0,\"topP\":0.5,\"maxOutputTokens\":7,\"seed\":-3,\"stopSequences\":[\"END\",\"\\n\\n\"]}," HI "}");
    hi();
    Q.req.temperature = 1;
    Q.model.quirks = LLMFI_Q_NO_SAMPLING;
    refused(LLMF_ERR_UNSUPPORTED, "temperature");
}

static void test_messages(void **state) {
    llmf_part parts[2];
    (void)state;
    begin(); /* neighbours of one side are one content; empty text and empty messages are none */
    question_system(&Q, "one");
    question_add(&Q, LLMF_SYSTEM, "two");
    question_add(&Q, LLMF_USER, "a");
    question_add(&Q, LLMF_ASSISTANT, "");
    question_add(&Q, LLMF_SYSTEM, "three");
    question_add(&Q, LLMF_USER, "b");
    parts[0] = question_text("c");
    parts[1] = question_text("");
    Q.messages[4].parts = parts;
    Q.messages[4].part_count = 2;
    question_add(&Q, LLMF_ASSISTANT, "d");
    question_add(&Q, LLMF_ASSISTANT, "e");
    question_add(&Q, LLMF_USER, "f");
    body(HEAD "\"systemInstruction\":{\"parts\":[" TEXT("one") "," TEXT("two") "," TEXT("three") "]},"
         CONTENTS(USER(TEXT("a") "," TEXT("b") "," TEXT("c")) "," MODEL(TEXT("d") "," TEXT("e")) "," USER(TEXT("f"))) "}");
    begin(); /* a model without system texts */
    Q.model.quirks = LLMFI_Q_SYSTEM_AS_USER;
    question_system(&Q, "one");
    question_add(&Q, LLMF_USER, "a");
    question_add(&Q, LLMF_SYSTEM, "two");
    body(HEAD CONTENTS(USER(TEXT("one") "," TEXT("two")) "," USER(TEXT("a"))) "}");
    hi();
    Q.model.quirks = LLMFI_Q_SYSTEM_AS_USER;
    body(HEAD HI "}");
    hi();
    Q.messages[0].name = LLMFI_LIT("Bob");
    refused(LLMF_ERR_UNSUPPORTED, "messages.name");
}

static void test_parts(void **state) {
    llmf_part parts[7];
    (void)state;
    begin();
    parts[0] = question_media(LLMF_PART_IMAGE, NULL, "\x89PNG", NULL);
    parts[1] = question_media(LLMF_PART_AUDIO, NULL, "abc", "audio/mp3");
    parts[2] = question_media(LLMF_PART_IMAGE, "https://h/a.jpg", NULL, NULL);
    parts[3] = question_media(LLMF_PART_FILE, "https://youtu.be/x", NULL, NULL); /* the API looks for itself */
    parts[4] = question_media(LLMF_PART_FILE, "gs://b/c", NULL, "application/pdf");
    parts[5] = question_media(LLMF_PART_IMAGE, "data:image/gif;base64,R0lG", NULL, NULL);
    parts[6] = question_text("what?");
    question_add(&Q, LLMF_USER, "see")->parts = parts;
    Q.messages[0].part_count = 7;
    body(HEAD CONTENTS(USER(TEXT("see") ",{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"iVBORw==\"}},{\"inlineData\":{\"mimeType\":\"audio/mp3\",\"data\":\"YWJj\"}},"
         "{\"fileData\":{\"mimeType\":\"image/jpeg\",\"fileUri\":\"https://h/a.jpg\"}},{\"fileData\":{\"fileUri\":\"https://youtu.be/x\"}},"
         "{\"fileData\":{\"mimeType\":\"application/pdf\",\"fileUri\":\"gs://b/c\"}},{\"inlineData\":{\"mimeType\":\"image/gif\",\"data\":\"R0lG\"}}," TEXT("what?"))) "}");
    hi();
    parts[0] = question_media(LLMF_PART_IMAGE, "data:image/svg+xml,<svg/>", NULL, NULL);
    Q.messages[0].parts = parts;
    Q.messages[0].part_count = 1;
    refused(LLMF_ERR_UNSUPPORTED, "base64");
    hi();
    parts[0] = question_media(LLMF_PART_IMAGE, "https://h/a.jpg", NULL, NULL);
    question_add(&Q, LLMF_SYSTEM, "s")->parts = parts;
    Q.messages[1].part_count = 1;
    refused(LLMF_ERR_UNSUPPORTED, "system");
}

static void test_tools(void **state) {
    static const struct {
        const char *choice, *config;
    } choices[] = { { NULL, "" }, { "auto", "\"mode\":\"AUTO\"" }, { "none", "\"mode\":\"NONE\"" }, { "required", "\"mode\":\"ANY\"" },
                    { "f", "\"mode\":\"ANY\",\"allowedFunctionNames\":[\"f\"]" } };
    size_t i;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(choices); i++) {
        char expected[512];
        hi();
        question_tool(&Q, "f", "does f", "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}}}");
        question_tool(&Q, "g", NULL, NULL);
        Q.req.tool_choice = choices[i].choice;
        Q.req.parallel_tool_calls = LLMF_YES;
        snprintf(expected, sizeof expected, "%s%s%s%s", HEAD HI TOOLS("{\"name\":\"f\",\"description\":\"does f\",\"parametersJsonSchema\":{\"type\":\"object\",\"properties\":"
                 "{\"a\":{\"type\":\"string\"}}}},{\"name\":\"g\"}"), i ? ",\"toolConfig\":{\"functionCallingConfig\":{" : "", choices[i].config, i ? "}}}" : "}");
        body(expected);
    }
    hi();
    question_tool(&Q, "f", NULL, NULL);
    Q.req.parallel_tool_calls = LLMF_NO;
    refused(LLMF_ERR_UNSUPPORTED, "parallel_tool_calls");
}

/* Calls and results: made ids are not said, names are found, results become objects. */
static void test_tool_turn(void **state) {
    static const llmf_tool_call calls[] = { { { "call00001", 9 }, { "f", 1 }, { "{\"a\":1}", 7 }, false }, { { "x9", 2 }, { "g", 1 }, { "{\"cut", 5 }, true } };
    llmf_part parts[2];
    (void)state;
    begin();
    question_add(&Q, LLMF_USER, "go");
    question_add(&Q, LLMF_ASSISTANT, "ok")->tool_calls = calls;
    Q.messages[1].tool_call_count = 2;
    question_add(&Q, LLMF_TOOL, " {\"r\":[1]} ")->tool_call_id = LLMFI_LIT("call00001");
    question_add(&Q, LLMF_TOOL, "sunny")->tool_call_id = LLMFI_LIT("x9");
    question_add(&Q, LLMF_USER, "and?");
    body(HEAD CONTENTS(USER(TEXT("go")) "," MODEL(TEXT("ok") ",{\"functionCall\":{\"name\":\"f\",\"args\":{\"a\":1}}},{\"functionCall\":{\"id\":\"x9\",\"name\":\"g\",\"args\":{\"arguments_raw\":\"{\\\"cut\"}}}") ","
         USER("{\"functionResponse\":{\"name\":\"f\",\"response\":{\"r\":[1]}}},{\"functionResponse\":{\"id\":\"x9\",\"name\":\"g\",\"response\":{\"output\":\"sunny\"}}}," TEXT("and?"))) "}");
    begin();
    question_add(&Q, LLMF_USER, "go");
    question_add(&Q, LLMF_TOOL, "[1,2]")->name = LLMFI_LIT("f");
    question_add(&Q, LLMF_TOOL, "{\"why\":\"x\"}")->is_error = true;
    question_add(&Q, LLMF_TOOL, "one");
    parts[0] = question_text("two");
    parts[1] = question_media(LLMF_PART_IMAGE, NULL, "GIF8", NULL);
    Q.messages[3].parts = parts;
    Q.messages[3].part_count = 2;
    question_add(&Q, LLMF_TOOL, "");
    body(HEAD CONTENTS(USER(TEXT("go") ",{\"functionResponse\":{\"name\":\"f\",\"response\":{\"output\":[1,2]}}},{\"functionResponse\":{\"name\":\"\",\"response\":{\"error\":{\"why\":\"x\"}}}},"
         "{\"functionResponse\":{\"name\":\"\",\"response\":{\"output\":\"one\\ntwo\"}}},{\"inlineData\":{\"mimeType\":\"image/gif\",\"data\":\"R0lGOA==\"}},"
         "{\"functionResponse\":{\"name\":\"\",\"response\":{\"output\":\"\"}}}")) "}");
}

static void with_state(const char *content, size_t calls, const char *text) {
    static const llmf_tool_call some[] = { { { "a", 1 }, { "f", 1 }, { "{}", 2 }, false }, { { "b", 1 }, { "g", 1 }, { "{}", 2 }, false } };
    hi();
    question_add(&Q, LLMF_ASSISTANT, content)->state = llmfi_cstr(text);
    Q.messages[1].tool_calls = some;
    Q.messages[1].tool_call_count = calls;
}

#define F "{\"functionCall\":{\"id\":\"a\",\"name\":\"f\",\"args\":{}}"
#define H "{\"functionCall\":{\"id\":\"b\",\"name\":\"g\",\"args\":{}}"
#define BACK(parts) HEAD CONTENTS(USER(TEXT("Hi")) "," MODEL(parts)) "}"

/* Each signature goes back to its part; a state of another provider does not go out. */
static void test_state(void **state) {
    (void)state;
    with_state("abc", 2, "gemini:[{\"at\":3,\"calls\":0,\"thoughtSignature\":\"S\\u003d\"}]");
    body(BACK(TEXT("abc") "," F ",\"thoughtSignature\":\"S\\u003d\"}," H "}"));
    with_state("abc", 2, "gemini:[{\"at\":1,\"calls\":1,\"thoughtSignature\":\"S\"}]");
    body(BACK(TEXT("a") "," F "}," H ",\"thoughtSignature\":\"S\"}," TEXT("bc")));
    with_state("abcdef", 0, "gemini:[{\"at\":1,\"calls\":0,\"text\":2,\"thoughtSignature\":\"S\"},{\"at\":6,\"calls\":0,\"text\":0,\"thoughtSignature\":\"T\"}]");
    body(BACK(TEXT("a") "," SIGNED("bc", "S") "," TEXT("def") "," SIGNED("", "T")));
    with_state("", 0, "gemini:[{\"at\":0,\"calls\":0,\"text\":0,\"thoughtSignature\":\"T\"}]");
    body(BACK(SIGNED("", "T")));
    with_state("ab", 1, "gemini:[{\"at\":0,\"calls\":0,\"part\":{\"executableCode\":{\"code\":\"1\"},\"thoughtSignature\":\"S\"}},{\"at\":0,\"calls\":0,\"part\":{\"codeExecutionResult\":{}}}]");
    body(BACK("{\"executableCode\":{\"code\":\"1\"},\"thoughtSignature\":\"S\"},{\"codeExecutionResult\":{}}," TEXT("ab") "," F "}"));
    with_state("a\xc3\xa9", 1, "gemini:[{\"at\":2,\"calls\":9,\"text\":99,\"thoughtSignature\":\"S\"},{\"at\":-1,\"calls\":7,\"thoughtSignature\":\"gone\"},{\"new\":1}]"); /* the message was changed */
    body(BACK(TEXT("a") "," F "}," SIGNED("\xc3\xa9", "S")));
    with_state("a", 1, "anthropic:[{\"at\":1,\"calls\":0,\"thoughtSignature\":\"S\"}]");
    body(BACK(TEXT("a") "," F "}"));
    with_state("a", 1, "vertex:[{\"at\":1,\"calls\":0,\"thoughtSignature\":\"S\"}]");
    Q.model.provider = LLMFI_LIT("vertex");
    body(BACK(TEXT("a") "," F ",\"thoughtSignature\":\"S\"}"));
    with_state("a", 1, "gemini:[{\"at\":1");
    refused(LLMF_ERR_ARGUMENT, "messages.state");
    /* models that refuse a call without a signature */
    with_state("a", 2, "openai/x:{}");
    Q.model.quirks = LLMFI_Q_SIGNED_CALLS;
    body(BACK(TEXT("a") "," F ",\"thoughtSignature\":\"c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I=\"}," H "}"));
    with_state("a", 2, "gemini:[{\"at\":1,\"calls\":0,\"thoughtSignature\":\"S\"}]");
    Q.model.quirks = LLMFI_Q_SIGNED_CALLS;
    body(BACK(TEXT("a") "," F ",\"thoughtSignature\":\"S\"}," H "}"));
}

static void thinks(const char *reasoning, uint32_t quirks, const char *config) {
    char expected[512];
    hi();
    Q.req.reasoning = reasoning;
    Q.model.quirks = quirks;
    snprintf(expected, sizeof expected, "{\"generationConfig\":{%s}," HI "}", config);
    if (config[0] == '!') refused(LLMF_ERR_UNSUPPORTED, config + 1);
    else body(expected);
}

static void test_thinking(void **state) {
    uint32_t levels = LLMFI_Q_ADAPTIVE_THINKING, both = levels | LLMFI_Q_TOKEN_BUDGET;
    (void)state;
    thinks("low", 0, "\"thinkingConfig\":{\"includeThoughts\":true,\"thinkingBudget\":1024}");
    thinks("max", 0, "\"thinkingConfig\":{\"includeThoughts\":true,\"thinkingBudget\":24576}");
    thinks("none", 0, "\"thinkingConfig\":{\"thinkingBudget\":0}");
    thinks("300 tokens", 0, "\"thinkingConfig\":{\"includeThoughts\":true,\"thinkingBudget\":300}");
    thinks("minimal", levels, "\"thinkingConfig\":{\"includeThoughts\":true,\"thinkingLevel\":\"minimal\"}");
    thinks("xhigh", levels, "\"thinkingConfig\":{\"includeThoughts\":true,\"thinkingLevel\":\"high\"}");
    thinks("300 tokens", both, "\"thinkingConfig\":{\"includeThoughts\":true,\"thinkingBudget\":300}");
    thinks("300 tokens", levels, "!token budget");
    thinks("none", both, "!minimal or low");
    thinks("low", LLMFI_Q_NO_REASONING, "!reasoning");
    thinks("none", LLMFI_Q_NO_REASONING, "");
}

static void test_format(void **state) {
    (void)state;
    hi();
    Q.req.format = "json";
    body("{\"generationConfig\":{\"responseMimeType\":\"application/json\"}," HI "}");
    hi();
    Q.ask.format = question_json(&Q, "{\"type\":\"object\",\"properties\":{}}");
    body("{\"generationConfig\":{\"responseMimeType\":\"application/json\",\"responseJsonSchema\":{\"type\":\"object\",\"properties\":{}}}," HI "}");
    hi();
    Q.ask.format = question_json(&Q, "{}");
    Q.model.quirks = LLMFI_Q_NO_SCHEMA;
    body("{\"generationConfig\":{\"responseMimeType\":\"application/json\"}," HI "}");
    hi();
    Q.req.format = "json";
    Q.model.quirks = LLMFI_Q_NO_JSON_MODE;
    refused(LLMF_ERR_UNSUPPORTED, "format");
}

/* Extra members win; those of generationConfig one by one. */
static void test_extra(void **state) {
    (void)state;
    hi();
    question_system(&Q, "s");
    question_tool(&Q, "f", NULL, NULL);
    Q.req.tool_choice = "required";
    Q.req.temperature = 1;
    Q.req.max_tokens = 5;
    Q.req.reasoning = "low";
    Q.model.extra = question_json(&Q, "{\"safetySettings\":[],\"generationConfig\":{\"topK\":1,\"candidateCount\":2,\"thinkingConfig\":{\"thinkingBudget\":1}},\"systemInstruction\":{}}");
    Q.ask.extra = question_json(&Q, "{\"generationConfig\":{\"topK\":3,\"temperature\":0.1},\"tools\":[{\"googleSearch\":{}}],\"toolConfig\":{},\"contents\":[],\"\":0}");
    body("{\"generationConfig\":{\"maxOutputTokens\":5,\"candidateCount\":2,\"thinkingConfig\":{\"thinkingBudget\":1},\"topK\":3,\"temperature\":0.1},"
         "\"safetySettings\":[],\"systemInstruction\":{},\"tools\":[{\"googleSearch\":{}}],\"toolConfig\":{},\"contents\":[],\"\":0}");
    hi();
    Q.ask.extra = question_json(&Q, "{\"generationConfig\":7}");
    refused(LLMF_ERR_ARGUMENT, "generationConfig");
}

static void test_path(void **state) {
    static const struct {
        const char *base, *version, *model, *path;
        bool stream;
    } rows[] = {
        { "https://h", "v1", "gemini-x", "/v1/models/gemini-x:generateContent", false },
        { "https://h/", "v1beta", "gemini-x", "/v1beta/models/gemini-x:streamGenerateContent?alt=sse", true },
        { "https://h/v1beta?key=1", "v1", "models/gemini-x", "/models/gemini-x:generateContent", false },
        { "https://h/v1/projects/p/locations/l/publishers/google", "", "g", "/models/g:generateContent", false },
        { "https://h/gateway/vertex", "v1", "a/b ?#%..:\xc3\xa9", "/v1/models/a%2Fb%20%3F%23%25..%3A%C3%A9:generateContent", false },
        { "", "v1", "..", "/v1/models/..:generateContent", false },
    };
    size_t i;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(rows); i++) {
        char got[128];
        llmfi_out o;
        hi();
        Q.model.base_url = llmfi_cstr(rows[i].base);
        Q.model.api_version = llmfi_cstr(rows[i].version);
        Q.model.model_id = llmfi_cstr(rows[i].model);
        Q.req.stream = rows[i].stream;
        llmfi_out_window(&o, got, sizeof got - 1, 0);
        G->path(&Q.ask, &o);
        got[o.len] = '\0';
        assert_string_equal(got, rows[i].path);
        llmfi_arena_free(&Q.arena);
    }
}

/* ---- replies ---- */

#define REPLY(parts, rest) "{\"candidates\":[{\"content\":{\"parts\":[" parts "],\"role\":\"model\"}" rest "}],\"modelVersion\":\"gemini-y\",\"responseId\":\"r1\"}"
#define STOP ",\"finishReason\":\"STOP\""
#define CALL(name, args) "{\"functionCall\":{\"name\":\"" name "\",\"args\":" args "}}"

static const reply_case unary[] = {
    { "1 parts are one text", false, REPLY(TEXT("a ") "," TEXT(" b\\n\\ud83d\\ude00\\ud800"), STOP), "T:a |T: b\n\xf0\x9f\x98\x80\xef\xbf\xbd|=stop(STOP)gemini-y" },
    { "1 no parts", false, "{\"candidates\":[{\"content\":{},\"finishReason\":\"SAFETY\"}]}", "=content_filter(SAFETY)" },
    { "1 no content", false, "{\"candidates\":[{\"finishReason\":\"MAX_TOKENS\",\"content\":null}],\"usageMetadata\":null}", "=length(MAX_TOKENS)" },
    { "2 the candidate with index 0", false,
      "{\"candidates\":[{\"content\":{\"parts\":[" TEXT("no") "]},\"finishReason\":\"SAFETY\",\"index\":1},{\"index\":0,\"finishReason\":\"STOP\",\"content\":{\"parts\":[" TEXT("yes") "]}},"
      "{\"content\":{\"parts\":[" TEXT("no") "]}}],\"usageMetadata\":{\"candidatesTokenCount\":7}}",
      "T:yes|U:-,-,-,7,-|=stop(STOP)" },
    { "3 thoughts, in any order of members", false, REPLY("{\"text\":\"h\\\"m\",\"thought\":true},{\"thought\":true,\"text\":\"!\"},{\"thought\":false,\"text\":\"x\"}", STOP),
      "R:h\"m|R:!|T:x|=stop(STOP)gemini-y" },
    { "7 code and data are not text; the provider's tools go back whole", false,
      REPLY("{\"executableCode\":{\"language\":\"PYTHON\",\"code\":\"1\\/1\"},\"thoughtSignature\":\"S\"},{\"codeExecutionResult\":{\"output\":\"1\"}},{\"inlineData\":{\"data\":\"AA\"}},"
            "{\"inlineData\":{\"data\":\"BB\"},\"thoughtSignature\":\"T\"},7,[\"no\"]," TEXT("yes"), STOP),
      "T:yes|=stop(STOP)gemini-y state=gemini:[{\"at\":0,\"calls\":0,\"part\":{\"executableCode\":{\"language\":\"PYTHON\",\"code\":\"1\\/1\"},\"thoughtSignature\":\"S\"}},"
      "{\"at\":0,\"calls\":0,\"part\":{\"codeExecutionResult\":{\"output\":\"1\"}}},{\"at\":0,\"calls\":0,\"part\":{\"inlineData\":{\"data\":\"BB\"},\"thoughtSignature\":\"T\"}}]" },
    { "10, 11, 16 calls, ids made, STOP with calls", false, REPLY(CALL("f", "{\"b\":1.50,\"a\":[]}") ",{\"functionCall\":{\"id\":\"z1\",\"args\":{\"q\":1},\"name\":\"g\"}}", STOP),
      "S0:call00001,f|D0:{\"b\":1.50,\"a\":[]}|C0:{\"b\":1.50,\"a\":[]}|S1:z1,g|D1:{\"q\":1}|C1:{\"q\":1}|=tool_calls(STOP)gemini-y" },
    { "12 no args are {}", false, REPLY("{\"functionCall\":{\"name\":\"f\"}}," CALL("g", "null") "," CALL("h", "{}"), ""),
      "S0:call00001,f|C0:{}|S1:call00002,g|C1:{}|S2:call00003,h|D2:{}|C2:{}|=tool_calls()gemini-y" },
    { "state: each signature with its place", false,
      REPLY(TEXT("\\u00e9a") "," SIGNED("b\\n", "S1") ",{\"thought\":true,\"text\":\"t\",\"thoughtSignature\":\"S2\"},{\"thoughtSignature\":\"S3\",\"functionCall\":{\"name\":\"f\",\"args\":{}}}," CALL("g", "{}")
            ",{\"text\":\"\",\"thoughtSignature\":\"S\\u003d\"}", STOP),
      "T:\xc3\xa9" "a|T:b\n|R:t|S0:call00001,f|D0:{}|C0:{}|S1:call00002,g|D1:{}|C1:{}|=tool_calls(STOP)gemini-y state=gemini:[{\"at\":3,\"calls\":0,\"text\":2,\"thoughtSignature\":\"S1\"},"
      "{\"at\":5,\"calls\":0,\"part\":{\"thought\":true,\"text\":\"t\",\"thoughtSignature\":\"S2\"}},{\"at\":5,\"calls\":0,\"thoughtSignature\":\"S3\"},"
      "{\"at\":5,\"calls\":2,\"text\":0,\"thoughtSignature\":\"S\\u003d\"}]" },
    { "15 words", false, REPLY(TEXT("x"), ",\"finishReason\":\"MALFORMED_FUNCTION_CALL\",\"finishMessage\":\"Malformed\""), "T:x|=other(MALFORMED_FUNCTION_CALL)gemini-y" },
    { "15 words: blocked on Vertex", false, REPLY("", ",\"finishReason\":\"MODEL_ARMOR\""), "=content_filter(MODEL_ARMOR)gemini-y" },
    { "16 no word, no call", false, REPLY(TEXT("x"), ""), "T:x|=other()gemini-y" },
    { "19 sums, 21 parts cut", false,
      "{\"candidates\":[{\"finishReason\":\"STOP\"}],\"usageMetadata\":{\"promptTokenCount\":10,\"toolUsePromptTokenCount\":3,\"cachedContentTokenCount\":99,\"candidatesTokenCount\":5,"
      "\"thoughtsTokenCount\":7,\"totalTokenCount\":25,\"promptTokensDetails\":[{\"modality\":\"TEXT\",\"tokenCount\":10}]}}",
      "U:13,13,-,12,7|=stop(STOP)" },
    { "18 null is absent, 0 is 0", false, "{\"candidates\":[{\"finishReason\":\"STOP\"}],\"usageMetadata\":{\"promptTokenCount\":0,\"thoughtsTokenCount\":null}}", "U:0,-,-,-,-|=stop(STOP)" },
    { "30 the prompt is blocked", false, "{\"promptFeedback\":{\"safetyRatings\":[],\"blockReason\":\"PROHIBITED_CONTENT\",\"blockReasonMessage\":\"no\"},\"usageMetadata\":{\"promptTokenCount\":3}}",
      "!13(PROHIBITED_CONTENT)no" },
    { "30 feedback without a reason", false, "{\"candidates\":[{\"finishReason\":\"STOP\"}],\"promptFeedback\":{}}", "=stop(STOP)" },
    { "29 an error with status 200", false, "{\"error\":{\"code\":503,\"message\":\"busy\",\"status\":\"UNAVAILABLE\"}}", "!15(UNAVAILABLE)busy" },
    { "29 in an array", false, "[{\"error\":{\"code\":429,\"message\":\"slow\",\"status\":\"RESOURCE_EXHAUSTED\"}} ] ", "!10(RESOURCE_EXHAUSTED)slow" },
    { "an array of one", false, "[" "{\"candidates\":[{\"content\":{\"parts\":[" TEXT("x") "]},\"finishReason\":\"STOP\"}]}" "]", "T:x|=stop(STOP)" },
    { "28 an array of two", false, "[{\"candidates\":[]},{\"candidates\":[]}]", "!20()" },
    { "28 another protocol", false, "{\"choices\":[]}", "!20()" },
    { "28 no object", false, "[]", "!20()" },
    { "28 no object either", false, "\"text\"", "!20()" },
    { "28 no JSON", false, "<html>\n", "!20()" },
    { "sources", false,
      REPLY(TEXT("x"), STOP ",\"groundingMetadata\":{\"webSearchQueries\":[\"q\"],\"groundingChunks\":[{\"web\":{\"uri\":\"http:\\/\\/a\",\"title\":\"A\"}},{\"retrievedContext\":{\"title\":\"doc\",\"text\":\"t\"}},"
            "{\"maps\":null},7]},\"citationMetadata\":{\"citationSources\":[{\"startIndex\":1,\"uri\":\"http://c\"}]}"),
      "T:x|=stop(STOP)gemini-y cites=http://a,A cites=,doc cites=http://c," },
};

#define PIECE(parts, rest) "{\"candidates\": [{\"content\": {\"parts\": [" parts "],\"role\": \"model\"}" rest ",\"index\": 0}],\"usageMetadata\": {\"promptTokenCount\": 4},\"modelVersion\": \"gemini-y\"}\n"
#define LAST(parts, usage) "{\"candidates\": [{\"content\": {\"parts\": [" parts "],\"role\": \"model\"},\"finishReason\": \"STOP\",\"index\": 0}],\"usageMetadata\": " usage ",\"modelVersion\": \"gemini-y\"}\n"

static const reply_case streams[] = {
    { "text, 22 the last usage counts", true, PIECE(TEXT("Hel"), "") PIECE(TEXT("lo \\u00e9"), "") LAST(TEXT(""), "{\"candidatesTokenCount\": 3}"),
      "T:Hel|T:lo \xc3\xa9|U:-,-,-,3,-|=stop(STOP)gemini-y" },
#define ALIKE(text, in, out, total, more) "{\"candidates\": [{\"content\": {\"parts\": [" text "],\"role\": \"model\"},\"index\": 0}],\"usageMetadata\": {\"promptTokenCount\": " in \
    ",\"candidatesTokenCount\":" out ",\"totalTokenCount\": " total ",\"promptTokensDetails\": [{\"modality\": \"TEXT\",\"tokenCount\": " in "}]},\"modelVersion\": \"gemini-2.5\"" more "}\n"
#define OVER "{\"candidates\":[{\"finishReason\":\"STOP\"}]}\n"
    { "pieces alike but for text and counts", true, ALIKE(TEXT("a"), "4", "1", "5", "") ALIKE(TEXT("\\u00e9\\n"), "4", "10", "14", "") ALIKE(TEXT(""), "12", "100", "112", "") OVER,
      "T:a|T:\xc3\xa9\n|U:12,-,-,100,-|=stop(STOP)gemini-2.5" },
    { "... and thoughts", true, ALIKE("{\"thought\": true,\"text\": \"a\"}", "4", "1", "5", "") ALIKE("{\"thought\": true,\"text\": \"b\"}", "4", "2", "6", "") OVER,
      "R:a|R:b|U:4,-,-,2,-|=stop(STOP)gemini-2.5" },
    { "... then one with more in it", true,
      ALIKE(TEXT("a"), "4", "1", "5", "") ALIKE(TEXT("b"), "4", "2", "6", ",\"x\": 1") ALIKE(TEXT("c"), "4", "3", "7", ",\"x\": 2") ALIKE(SIGNED("d", "S"), "4", "4", "8", "")
          ALIKE(CALL("f", "{}"), "4", "5", "9", "") ALIKE(TEXT("e"), "4", "null", "9", "") ALIKE(TEXT("f"), "4", "6", "9", "") ALIKE(TEXT("g"), "5", "7", "9", "") OVER,
      "T:a|T:b|T:c|T:d|S0:call00001,f|D0:{}|C0:{}|T:e|T:f|T:g|U:5,-,-,7,-|=tool_calls(STOP)gemini-2.5 state=gemini:[{\"at\":3,\"calls\":0,\"text\":1,\"thoughtSignature\":\"S\"}]" },
    { "... then one that is no JSON", true, ALIKE(TEXT("a"), "4", "1", "5", "") ALIKE(TEXT("b"), "4", "02", "5", ""), "T:a|!20()" },
    { "... then one with counts that are none", true, ALIKE(TEXT("a"), "4", "1", "5", "") ALIKE(TEXT("b"), "4", "2.5", "5", "") ALIKE(TEXT("c"), "4", "99999999999999999999", "5", "") OVER,
      "T:a|T:b|T:c|U:4,-,-,-,-|=stop(STOP)gemini-2.5" },
    { "... with the same names elsewhere", true,
      ALIKE(TEXT("a"), "4", "1", "5", ",\"other\": {\"promptTokenCount\": 9}") ALIKE(TEXT("b"), "4", "2", "5", ",\"other\": {\"promptTokenCount\": 8}") OVER, "T:a|T:b|U:4,-,-,2,-|=stop(STOP)gemini-2.5" },
    { "a signature at the end", true, PIECE("{\"text\": \"why\",\"thought\": true}", "") PIECE(TEXT("ab"), "") LAST(SIGNED("", "S+/="), "{}"),
      "R:why|T:ab|=stop(STOP)gemini-y state=gemini:[{\"at\":2,\"calls\":0,\"text\":0,\"thoughtSignature\":\"S+/=\"}]" },
    { "calls in several pieces", true, PIECE("{\"functionCall\": {\"name\": \"f\",\"args\": {\"a\": 1}},\"thoughtSignature\": \"S\"}", "") PIECE(CALL("g", "{\"b\":2}"), "") LAST(TEXT(""), "{}"),
      "S0:call00001,f|D0:{\"a\": 1}|C0:{\"a\": 1}|S1:call00002,g|D1:{\"b\":2}|C1:{\"b\":2}|=tool_calls(STOP)gemini-y state=gemini:[{\"at\":0,\"calls\":0,\"thoughtSignature\":\"S\"}]" },
    { "2 other candidates", true,
      "{\"candidates\":[{\"content\":{\"parts\":[" TEXT("no") "]},\"index\":1,\"finishReason\":\"STOP\"}]}\n{\"candidates\":[{\"content\":{\"parts\":[" TEXT("yes") "]}}]}\n" LAST("", "{}"),
      "T:yes|=stop(STOP)gemini-y" },
    { "26 what comes after the end", true, LAST(TEXT("x"), "{}") "{\"usageMetadata\":{\"candidatesTokenCount\":2}}\n[DONE]\n", "T:x|U:-,-,-,2,-|=stop(STOP)gemini-y" },
    { "27 unknown members", true, "{\"new\":{\"candidates\":[1]}}\n{}\n{\"candidates\":null}\n{\"candidates\":[null,[]]}\n" LAST(TEXT("x"), "{}"), "T:x|=stop(STOP)gemini-y" },
    { "29, 32 an error in the stream", true, PIECE(TEXT("half"), "") "{\"error\":{\"code\":503,\"message\":\"busy\",\"status\":\"UNAVAILABLE\"}}\n", "T:half|!15(UNAVAILABLE)busy" },
    { "29 in an array", true, PIECE(TEXT("half"), "") "[{\"error\":{\"code\":500,\"message\":\"oops\",\"status\":\"INTERNAL\"}}]\n", "T:half|!16(INTERNAL)oops" },
    { "30 the prompt is blocked", true, "{\"promptFeedback\": {\"blockReason\": \"SAFETY\"},\"modelVersion\": \"gemini-y\"}\n", "!13(SAFETY)" },
    { "28 a piece that is no JSON", true, PIECE(SIGNED("a", "S"), "") "{\"candidates\":[{\"content\":{\"parts\":[" SIGNED("b", "T") "]}}]]\n",
      "T:a|!20() state=gemini:[{\"at\":0,\"calls\":0,\"text\":1,\"thoughtSignature\":\"S\"}]" },
    { "28 a piece that is no object", true, PIECE(TEXT("a"), "") "7\n", "T:a|!20()" },
    { "25 cut", true, PIECE(TEXT("half"), ""), "T:half|!21()" },
};

static void test_unary(void **state) {
    (void)state;
    answer_cases(G, "gemini", unary, LLMFI_COUNT(unary));
}

static void test_streams(void **state) {
    (void)state;
    answer_cases(G, "gemini", streams, LLMFI_COUNT(streams));
}

/* The state of a reply goes back as it came, text cut where it was. */
static void test_round_trip(void **state) {
    static const llmf_tool_call calls[] = { { { "call00001", 9 }, { "f", 1 }, { "{}", 2 }, false }, { { "call00002", 9 }, { "g", 1 }, { "{}", 2 }, false } };
    static char kept[512];
    answer a;
    size_t i = 0;
    (void)state;
    while (strncmp(unary[i].name, "state:", 6)) i++;
    answer_init(&a, "gemini", false);
    answer_feed(&a, G, unary[i].frames, LLMFI_NOWHERE);
    assert_true(LLMFI_IS(a.reply.request_id, "r1"));
    memcpy(kept, a.reply.state.ptr, a.reply.state.len);
    hi();
    question_add(&Q, LLMF_ASSISTANT, "\xc3\xa9" "ab\n")->state = llmfi_str(kept, a.reply.state.len);
    Q.messages[1].tool_calls = calls;
    Q.messages[1].tool_call_count = 2;
    log_free(&a.log);
    body(BACK(TEXT("\xc3\xa9" "a") "," SIGNED("b\\n", "S1") ",{\"thought\":true,\"text\":\"t\",\"thoughtSignature\":\"S2\"},{\"functionCall\":{\"name\":\"f\",\"args\":{}},\"thoughtSignature\":\"S3\"},"
              "{\"functionCall\":{\"name\":\"g\",\"args\":{}}}," SIGNED("", "S\\u003d")));
}

/* Text that is thrown away counts for the places all the same. */
static void test_discarded(void **state) {
    answer a;
    (void)state;
    answer_init(&a, "gemini", true);
    a.reply.discard = true;
    answer_feed(&a, G, PIECE(TEXT("hello"), "") PIECE(TEXT("world"), "") LAST(SIGNED("", "S"), "{}"), LLMFI_NOWHERE);
    assert_string_equal(a.log.ptr, "T:hello|T:world|=stop(STOP)gemini-y state=gemini:[{\"at\":10,\"calls\":0,\"text\":0,\"thoughtSignature\":\"S\"}]");
    answer_free(&a);
}

/* google.rpc.RetryInfo in an error's details. */
static void test_retry(void **state) {
    static const struct {
        const char *delay;
        int64_t ms;
    } rows[] = { { "\"48s\"", 48000 }, { "\"0.5s\"", 500 }, { "\"1.0006s\"", 1000 }, { "\"s\"", -1 }, { "\"-1s\"", -1 }, { "48", -1 }, { "{\"s\":1}", -1 }, { "\"5m\"", -1 } };
    size_t i;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(rows); i++) {
        char text[256];
        answer a;
        answer_init(&a, "gemini", false);
        snprintf(text, sizeof text, "{\"error\":{\"code\":429,\"message\":\"m\",\"status\":\"RESOURCE_EXHAUSTED\",\"details\":[{\"@type\":\"Help\",\"links\":[]},{\"retryDelay\":%s}]}}", rows[i].delay);
        llmfi_fault_body(&a.reply, 429, llmfi_cstr(text), llmfi_str("", 0));
        assert_int_equal(a.reply.error.code, LLMF_ERR_RATE_LIMIT);
        assert_int_equal(a.reply.error.retry_after_ms, rows[i].ms);
        answer_free(&a);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),  cmocka_unit_test(test_messages), cmocka_unit_test(test_parts),   cmocka_unit_test(test_tools),
        cmocka_unit_test(test_tool_turn), cmocka_unit_test(test_state), cmocka_unit_test(test_thinking), cmocka_unit_test(test_format),
        cmocka_unit_test(test_extra),  cmocka_unit_test(test_path),     cmocka_unit_test(test_unary),   cmocka_unit_test(test_streams),
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_discarded), cmocka_unit_test(test_retry),
    };
    return cmocka_run_group_tests_name("gemini", tests, NULL, NULL);
}
