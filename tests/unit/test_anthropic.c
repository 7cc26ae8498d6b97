/* The Messages API: bodies to the byte, refusals, versions; replies and streams rule by rule (numbers are those of RULES.md). */
#include "../../providers/anthropic.h"
#include "dialect.h"

#define A (&llmfi_anthropic)
#define HEAD "{\"model\":\"claude-x\",\"max_tokens\":100,"
#define USER(blocks) "{\"role\":\"user\",\"content\":[" blocks "]}"
#define ASSISTANT(blocks) "{\"role\":\"assistant\",\"content\":[" blocks "]}"
#define TEXT(t) "{\"type\":\"text\",\"text\":\"" t "\"}"
#define HI "\"messages\":[" USER(TEXT("Hi")) "]"
#define MARK ",\"cache_control\":{\"type\":\"ephemeral\"}"

static question Q;

static void begin(void) {
    question_init(&Q, "claude-x");
    Q.model.provider = LLMFI_LIT("anthropic");
    Q.model.api_version = LLMFI_LIT("2026-10-21");
    Q.req.max_tokens = 100;
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
    static const char *const stop[] = { "END", "\n\n" };
    (void)state;
    hi();
    body(HEAD HI "}");
    hi();
    Q.req.max_tokens = 0; /* the API demands one */
    body("{\"model\":\"claude-x\",\"max_tokens\":4096," HI "}");
    hi();
    Q.req.stream = true;
    question_system(&Q, "Be \"brief\"");
    body(HEAD "\"stream\":true,\"system\":\"Be \\\"brief\\\"\"," HI "}");
    hi();
    Q.req.user = "u1";
    Q.req.stop = stop;
    Q.req.stop_count = 2;
    body(HEAD "\"stop_sequences\":[\"END\",\"\\n\\n\"],\"metadata\":{\"user_id\":\"u1\"}," HI "}");
}

static void test_messages(void **state) {
    llmf_part parts[2];
    (void)state;
    begin(); /* neighbours of one side are one message; empty text and empty messages are none */
    question_add(&Q, LLMF_USER, "a");
    question_add(&Q, LLMF_ASSISTANT, "");
    question_add(&Q, LLMF_USER, "b");
    parts[0] = question_text("c");
    parts[1] = question_text("");
    Q.messages[2].parts = parts;
    Q.messages[2].part_count = 2;
    question_add(&Q, LLMF_ASSISTANT, "d");
    question_add(&Q, LLMF_ASSISTANT, "e");
    question_add(&Q, LLMF_USER, "f");
    body(HEAD "\"messages\":[" USER(TEXT("a") "," TEXT("b") "," TEXT("c")) "," ASSISTANT(TEXT("d") "," TEXT("e")) "," USER(TEXT("f")) "]}");
}

static void test_system_messages(void **state) {
    (void)state;
    begin();
    question_system(&Q, "one");
    question_add(&Q, LLMF_SYSTEM, "two");
    question_add(&Q, LLMF_USER, "a");
    question_add(&Q, LLMF_SYSTEM, "three");
    question_add(&Q, LLMF_USER, "b");
    body(HEAD "\"system\":[" TEXT("one") "," TEXT("two") "," TEXT("three") "],\"messages\":[" USER(TEXT("a") "," TEXT("b")) "]}");
    begin();
    question_add(&Q, LLMF_SYSTEM, "only");
    question_add(&Q, LLMF_USER, "Hi");
    body(HEAD "\"system\":[" TEXT("only") "]," HI "}");
}

static void test_cache(void **state) {
    (void)state;
    hi();
    Q.req.cache = true;
    question_system(&Q, "s");
    question_tool(&Q, "f", NULL, NULL);
    body(HEAD "\"system\":[{\"type\":\"text\",\"text\":\"s\"" MARK "}],\"messages\":[" USER("{\"type\":\"text\",\"text\":\"Hi\"" MARK "}") "],"
         "\"tools\":[{\"name\":\"f\",\"input_schema\":{\"type\":\"object\"}}]}");
    begin();
    Q.req.cache = true;
    question_system(&Q, "s");
    question_add(&Q, LLMF_SYSTEM, "t");
    question_add(&Q, LLMF_USER, "a");
    question_add(&Q, LLMF_ASSISTANT, "b");
    question_add(&Q, LLMF_TOOL, "c")->tool_call_id = LLMFI_LIT("i");
    body(HEAD "\"system\":[" TEXT("s") ",{\"type\":\"text\",\"text\":\"t\"" MARK "}],\"messages\":[" USER(TEXT("a")) "," ASSISTANT(TEXT("b")) ","
         USER("{\"type\":\"tool_result\",\"tool_use_id\":\"i\",\"content\":\"c\"" MARK "}") "]}");
    hi(); /* without a system text the tools carry the mark */
    Q.req.cache = true;
    question_tool(&Q, "f", NULL, NULL);
    question_tool(&Q, "g", NULL, NULL);
    body(HEAD "\"messages\":[" USER("{\"type\":\"text\",\"text\":\"Hi\"" MARK "}") "],\"tools\":[{\"name\":\"f\",\"input_schema\":{\"type\":\"object\"}},"
         "{\"name\":\"g\",\"input_schema\":{\"type\":\"object\"}" MARK "}]}");
}

static void test_tool_turn(void **state) {
    static llmf_tool_call calls[3];
    llmf_message *m;
    (void)state;
    memset(calls, 0, sizeof calls);
    calls[0].id = LLMFI_LIT("toolu_1");
    calls[0].name = LLMFI_LIT("f");
    calls[0].arguments = LLMFI_LIT(" {\"a\": 1e2} ");
    calls[1].id = LLMFI_LIT("functions.g:0"); /* another provider's id */
    calls[1].name = LLMFI_LIT("g");
    calls[1].arguments = LLMFI_LIT("{\"cut");
    calls[1].invalid = true;
    calls[2].id = LLMFI_LIT("c3");
    calls[2].name = LLMFI_LIT("h");
    calls[2].arguments = LLMFI_LIT("[1]");
    begin();
    question_add(&Q, LLMF_USER, "Hi");
    m = question_add(&Q, LLMF_ASSISTANT, "calling");
    m->tool_calls = calls;
    m->tool_call_count = 3;
    m->reasoning = LLMFI_LIT("not sent: it has no signature");
    m->state = LLMFI_LIT("anthropic:[{\"type\":\"thinking\",\"thinking\":\"hm\\n\",\"signature\":\"S==\"},{\"type\":\"redacted_thinking\",\"data\":\"D\"}]");
    question_add(&Q, LLMF_TOOL, "42")->tool_call_id = LLMFI_LIT("toolu_1");
    m = question_add(&Q, LLMF_TOOL, "no such file");
    m->tool_call_id = LLMFI_LIT("functions.g:0");
    m->is_error = true;
    question_add(&Q, LLMF_TOOL, "")->tool_call_id = LLMFI_LIT("c3");
    question_add(&Q, LLMF_USER, "go on");
    body(HEAD "\"messages\":[" USER(TEXT("Hi")) ","
         ASSISTANT("{\"type\":\"thinking\",\"thinking\":\"hm\\n\",\"signature\":\"S==\"},{\"type\":\"redacted_thinking\",\"data\":\"D\"}," TEXT("calling")
                   ",{\"type\":\"tool_use\",\"id\":\"toolu_1\",\"name\":\"f\",\"input\":{\"a\": 1e2}},"
                   "{\"type\":\"tool_use\",\"id\":\"functions_g_0\",\"name\":\"g\",\"input\":{\"arguments_raw\":\"{\\\"cut\"}},"
                   "{\"type\":\"tool_use\",\"id\":\"c3\",\"name\":\"h\",\"input\":{\"arguments_raw\":\"[1]\"}}") ","
         USER("{\"type\":\"tool_result\",\"tool_use_id\":\"toolu_1\",\"content\":\"42\"},"
              "{\"type\":\"tool_result\",\"tool_use_id\":\"functions_g_0\",\"content\":\"no such file\",\"is_error\":true},"
              "{\"type\":\"tool_result\",\"tool_use_id\":\"c3\"}," TEXT("go on")) "]}");
}

/* A state goes back to the provider that gave it and to no other; a damaged one is told. */
static void test_state(void **state) {
    static const char *const others[] = { "openai/x:{\"a\":1}", "minimax:[{}]", "anthropic", "anthropi:[{}]", "" };
    size_t i;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(others); i++) {
        hi();
        question_add(&Q, LLMF_ASSISTANT, "a")->state = llmfi_cstr(others[i]);
        body(HEAD "\"messages\":[" USER(TEXT("Hi")) "," ASSISTANT(TEXT("a")) "]}");
    }
    hi();
    question_add(&Q, LLMF_ASSISTANT, "a")->state = LLMFI_LIT("anthropic:[{\"type\":");
    refused(LLMF_ERR_ARGUMENT, "messages.state");
    hi();
    question_add(&Q, LLMF_ASSISTANT, "a")->state = LLMFI_LIT("anthropic:{}");
    refused(LLMF_ERR_ARGUMENT, "messages.state");
    hi();
    Q.model.provider = LLMFI_LIT("minimax");
    question_add(&Q, LLMF_ASSISTANT, NULL)->state = LLMFI_LIT("minimax:[{\"type\":\"thinking\",\"thinking\":\"x\"}]");
    body(HEAD "\"messages\":[" USER(TEXT("Hi")) "," ASSISTANT("{\"type\":\"thinking\",\"thinking\":\"x\"}") "]}");
}

static void one_part(llmf_part part, const char *block) {
    char expected[512];
    begin();
    question_add(&Q, LLMF_USER, NULL)->parts = &part;
    Q.messages[0].part_count = 1;
    snprintf(expected, sizeof expected, HEAD "\"messages\":[" USER("%s") "]}", block);
    body(expected);
}

static void no_part(int role, llmf_part part, const char *says) {
    begin();
    question_add(&Q, role, "x")->parts = &part;
    Q.messages[0].part_count = 1;
    refused(LLMF_ERR_UNSUPPORTED, says);
}

static void test_parts(void **state) {
    llmf_part pdf = question_media(LLMF_PART_FILE, NULL, "%PDF-1", NULL);
    llmf_part image = question_media(LLMF_PART_IMAGE, "https://h/i.png", NULL, NULL);
    (void)state;
    one_part(image, "{\"type\":\"image\",\"source\":{\"type\":\"url\",\"url\":\"https://h/i.png\"}}");
    one_part(question_media(LLMF_PART_IMAGE, NULL, "GIF89a", NULL), "{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":\"image/gif\",\"data\":\"R0lGODlh\"}}");
    one_part(question_media(LLMF_PART_IMAGE, "data:image/webp;base64,QUJD", NULL, NULL),
             "{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":\"image/webp\",\"data\":\"QUJD\"}}");
    pdf.name = "a.pdf";
    one_part(pdf, "{\"type\":\"document\",\"source\":{\"type\":\"base64\",\"media_type\":\"application/pdf\",\"data\":\"JVBERi0x\"},\"title\":\"a.pdf\"}");
    one_part(question_media(LLMF_PART_FILE, "https://h/a.pdf", NULL, NULL), "{\"type\":\"document\",\"source\":{\"type\":\"url\",\"url\":\"https://h/a.pdf\"}}");
    one_part(question_media(LLMF_PART_FILE, NULL, "a,\"b\"\n", "text/csv"),
             "{\"type\":\"document\",\"source\":{\"type\":\"text\",\"media_type\":\"text/plain\",\"data\":\"a,\\\"b\\\"\\n\"}}");
    one_part(question_media(LLMF_PART_FILE, NULL, "x", "image/png"), "{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":\"image/png\",\"data\":\"eA==\"}}");
    no_part(LLMF_USER, question_media(LLMF_PART_AUDIO, NULL, "x", "audio/wav"), "audio");
    no_part(LLMF_USER, question_media(LLMF_PART_FILE, NULL, "x", "application/zip"), "messages.parts");
    no_part(LLMF_USER, question_media(LLMF_PART_FILE, "data:text/plain;base64,eA==", NULL, NULL), "messages.parts");
    no_part(LLMF_USER, question_media(LLMF_PART_IMAGE, "data:image/png,%89", NULL, NULL), "messages.parts");
    no_part(LLMF_ASSISTANT, pdf, "user message");
    no_part(LLMF_SYSTEM, image, "user message");
    begin(); /* what a tool gives may be an image */
    question_add(&Q, LLMF_TOOL, "see")->parts = &image;
    Q.messages[0].part_count = 1;
    Q.messages[0].tool_call_id = LLMFI_LIT("i");
    body(HEAD "\"messages\":[" USER("{\"type\":\"tool_result\",\"tool_use_id\":\"i\",\"content\":[" TEXT("see")
                                    ",{\"type\":\"image\",\"source\":{\"type\":\"url\",\"url\":\"https://h/i.png\"}}]}") "]}");
}

static void choice(const char *word, int parallel, const char *expected) {
    char text[512];
    hi();
    question_tool(&Q, "f", NULL, NULL);
    Q.req.tool_choice = word;
    Q.req.parallel_tool_calls = parallel;
    snprintf(text, sizeof text, HEAD HI ",\"tools\":[{\"name\":\"f\",\"input_schema\":{\"type\":\"object\"}}]%s%s}", *expected ? ",\"tool_choice\":" : "", expected);
    body(text);
}

static void test_tools(void **state) {
    (void)state;
    choice(NULL, LLMF_UNSET, "");
    choice(NULL, LLMF_YES, "");
    choice("auto", LLMF_UNSET, "{\"type\":\"auto\"}");
    choice(NULL, LLMF_NO, "{\"type\":\"auto\",\"disable_parallel_tool_use\":true}");
    choice("required", LLMF_NO, "{\"type\":\"any\",\"disable_parallel_tool_use\":true}");
    choice("f", LLMF_UNSET, "{\"type\":\"tool\",\"name\":\"f\"}");
    choice("none", LLMF_NO, "{\"type\":\"none\"}");
    hi();
    question_tool(&Q, "f", "does f", "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"object\",\"properties\":{}}}}");
    question_tool(&Q, "g", "", "{\"type\":\"object\",\"properties\":{\"properties\":{\"type\":\"object\",\"properties\":{}}},\"default\":{\"properties\":1}}");
    Q.tools[1].strict = true; /* constrained: each object is closed; what only looks like one is left alone */
    body(HEAD HI ",\"tools\":[{\"name\":\"f\",\"description\":\"does f\",\"input_schema\":{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"object\",\"properties\":{}}}}},"
                 "{\"name\":\"g\",\"input_schema\":{\"type\":\"object\",\"properties\":{\"properties\":{\"type\":\"object\",\"properties\":{},\"additionalProperties\":false}},"
                 "\"default\":{\"properties\":1},\"additionalProperties\":false},\"strict\":true}]}");
}

static void think(const char *word, int64_t max_tokens, uint32_t quirks, const char *members) {
    char text[512];
    hi();
    Q.req.max_tokens = max_tokens;
    Q.req.reasoning = word;
    Q.model.quirks = quirks;
    snprintf(text, sizeof text, "{\"model\":\"claude-x\",\"max_tokens\":%d,%s%s" HI "}", (int)max_tokens, members, *members ? "," : "");
    body(text);
}

static void no_thinking(const char *word, int64_t max_tokens, uint32_t quirks, int code, const char *says) {
    hi();
    Q.req.max_tokens = max_tokens;
    Q.req.reasoning = word;
    Q.model.quirks = quirks;
    refused(code, says);
}

#define ADAPTIVE(effort) "\"thinking\":{\"type\":\"adaptive\",\"display\":\"summarized\"},\"output_config\":{\"effort\":\"" effort "\"}"
#define BUDGET(n) "\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":" n "}"

static void test_thinking(void **state) {
    uint32_t adaptive = LLMFI_Q_ADAPTIVE_THINKING;
    (void)state;
    think(NULL, 9000, 0, "");
    think("none", 9000, 0, "\"thinking\":{\"type\":\"disabled\"}");
    think("none", 9000, LLMFI_Q_NO_REASONING, "");
    think("minimal", 99000, 0, BUDGET("1024"));
    think("low", 99000, 0, BUDGET("2048"));
    think("medium", 99000, 0, BUDGET("8192"));
    think("high", 99000, 0, BUDGET("16384"));
    think("max", 99000, 0, BUDGET("65536"));
    think("high", 4096, 0, BUDGET("3072")); /* the answer keeps 1024 */
    think("5000 tokens", 5001, 0, BUDGET("5000"));
    think("1024 tokens", 2000, 0, BUDGET("1024"));
    think("minimal", 100, adaptive, ADAPTIVE("low"));
    think("xhigh", 100, adaptive, ADAPTIVE("xhigh"));
    think("none", 100, adaptive, "\"thinking\":{\"type\":\"disabled\"}");
    think("1500 tokens", 2600, adaptive | LLMFI_Q_TOKEN_BUDGET, BUDGET("1500"));
    think("low", 2600, adaptive | LLMFI_Q_TOKEN_BUDGET, ADAPTIVE("low"));
    no_thinking("2600 tokens", 2600, adaptive | LLMFI_Q_TOKEN_BUDGET, LLMF_ERR_ARGUMENT, "max_tokens");
    no_thinking("5000 tokens", 5000, 0, LLMF_ERR_ARGUMENT, "max_tokens");
    no_thinking("1000 tokens", 5000, 0, LLMF_ERR_ARGUMENT, "1024");
    no_thinking("low", 2000, 0, LLMF_ERR_ARGUMENT, "2048");
    no_thinking("5000 tokens", 9000, adaptive, LLMF_ERR_UNSUPPORTED, "high");
    no_thinking("low", 9000, LLMFI_Q_NO_REASONING, LLMF_ERR_UNSUPPORTED, "reasoning");
    hi(); /* what does not go with thinking */
    Q.req.reasoning = "high";
    Q.model.quirks = adaptive | LLMFI_Q_SAMPLING_OLD_VERSION;
    Q.req.temperature = 0.5;
    refused(LLMF_ERR_UNSUPPORTED, "temperature");
    hi();
    Q.req.reasoning = "high";
    Q.model.quirks = adaptive;
    question_tool(&Q, "f", NULL, NULL);
    Q.req.tool_choice = "required";
    refused(LLMF_ERR_UNSUPPORTED, "tool_choice");
    hi(); /* said by hand */
    Q.req.reasoning = "5000 tokens";
    Q.model.quirks = adaptive;
    Q.ask.extra = question_json(&Q, "{\"thinking\":{\"type\":\"adaptive\"}}");
    body(HEAD HI ",\"thinking\":{\"type\":\"adaptive\"}}");
}

static void test_format(void **state) {
    (void)state;
    hi();
    Q.ask.format = question_json(&Q, "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{\"b\":{\"type\":\"string\"}}}}}}");
    body(HEAD "\"output_config\":{\"format\":{\"type\":\"json_schema\",\"schema\":{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"array\",\"items\":{\"type\":\"object\","
              "\"properties\":{\"b\":{\"type\":\"string\"}},\"additionalProperties\":false}}},\"additionalProperties\":false}}}," HI "}");
    hi();
    Q.req.reasoning = "high";
    Q.model.quirks = LLMFI_Q_ADAPTIVE_THINKING;
    Q.ask.format = question_json(&Q, "{\"type\":\"object\",\"additionalProperties\":true,\"properties\":{}}");
    body(HEAD "\"thinking\":{\"type\":\"adaptive\",\"display\":\"summarized\"},\"output_config\":{\"effort\":\"high\",\"format\":{\"type\":\"json_schema\","
              "\"schema\":{\"type\":\"object\",\"additionalProperties\":true,\"properties\":{}}}}," HI "}");
    hi();
    Q.req.format = "json";
    refused(LLMF_ERR_UNSUPPORTED, "format");
    hi();
    Q.req.use_seed = true;
    refused(LLMF_ERR_UNSUPPORTED, "seed");
    hi();
    Q.messages[0].name = LLMFI_LIT("ann");
    refused(LLMF_ERR_UNSUPPORTED, "messages.name");
}

static void take_version(void *user, llmf_str name, llmf_str value) {
    assert_true(LLMFI_IS(name, "anthropic-version"));
    *(llmf_str *)user = value;
}

static void version(const char *column, uint32_t quirks, double temperature, const char *extra, const char *expected) {
    llmf_str got = llmfi_str("", 0);
    hi();
    Q.model.api_version = llmfi_cstr(column);
    Q.model.quirks = quirks;
    Q.req.temperature = temperature;
    if (extra) Q.ask.extra = question_json(&Q, extra);
    question_refused(&Q, A, *expected ? LLMF_OK : LLMF_ERR_UNSUPPORTED, extra ? "top_k" : "temperature");
    if (*expected) {
        A->headers(&Q.ask, take_version, &got);
        assert_true(llmfi_eq(got, llmfi_cstr(expected)));
        llmfi_arena_free(&Q.arena);
    }
}

/* Sampling parameters under a version that has none: the older version where the model still takes them, else told. */
static void test_version(void **state) {
    uint32_t old = LLMFI_Q_SAMPLING_OLD_VERSION;
    (void)state;
    version("2026-10-21", 0, 0, NULL, "2026-10-21");
    version("2026-10-21", old, 0, NULL, "2026-10-21");
    version("2026-10-21", old, 0.5, NULL, "2023-06-01");
    version("2026-10-21", old, 0, "{\"top_k\":5}", "2023-06-01");
    version("2026-10-21", 0, 0.5, NULL, "");
    version("2027-01-01", 0, LLMF_ZERO, NULL, "");
    version("2026-10-21", 0, 0, "{\"top_k\":5}", "");
    version("2023-06-01", 0, 0.5, NULL, "2023-06-01");
    version("", 0, 0.5, NULL, "2023-06-01");
    version("2023-06-01", LLMFI_Q_NO_SAMPLING, 0.5, NULL, "");
    version("2023-06-01", 0, 1.5, NULL, "");
    hi();
    Q.model.quirks = old;
    Q.req.temperature = LLMF_ZERO;
    Q.req.top_p = 0.25;
    body(HEAD "\"temperature\":0,\"top_p\":0.25," HI "}");
}

static void test_extra(void **state) {
    (void)state;
    hi();
    question_system(&Q, "s");
    question_tool(&Q, "f", NULL, NULL);
    Q.req.tool_choice = "required";
    Q.model.extra = question_json(&Q, "{\"service_tier\":\"auto\",\"max_tokens\":7,\"system\":\"mine\"}");
    Q.ask.extra = question_json(&Q, "{\"max_tokens\":8,\"tools\":[{\"type\":\"web_search_20250305\",\"name\":\"w\"}],\"tool_choice\":{\"type\":\"auto\"},\"messages\":[]}");
    body("{\"model\":\"claude-x\",\"service_tier\":\"auto\",\"system\":\"mine\",\"max_tokens\":8,\"tools\":[{\"type\":\"web_search_20250305\",\"name\":\"w\"}],"
         "\"tool_choice\":{\"type\":\"auto\"},\"messages\":[]}");
    begin();
    question_add(&Q, LLMF_SYSTEM, "s");
    question_add(&Q, LLMF_USER, "Hi");
    Q.ask.extra = question_json(&Q, "{\"system\":[]}");
    body(HEAD HI ",\"system\":[]}");
    hi();
    Q.ask.extra = question_json(&Q, "{\"stream\":true}");
    refused(LLMF_ERR_ARGUMENT, "extra.stream");
}

static void test_path(void **state) {
    static const char *const bases[][2] = { { "https://api.anthropic.com", "/v1/messages" }, { "https://h/v1/", "/messages" }, { "https://h/anthropic", "/v1/messages" }, { "", "/v1/messages" } };
    size_t i;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(bases); i++) {
        char got[64];
        llmfi_out o;
        hi();
        Q.model.base_url = llmfi_cstr(bases[i][0]);
        llmfi_out_window(&o, got, sizeof got, 0);
        A->path(&Q.ask, &o);
        assert_true(llmfi_eq(llmfi_str(got, o.len), llmfi_cstr(bases[i][1])));
    }
}

/* ---- replies ---- */

#define MSG(content, reason, usage) "{\"id\":\"m\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude-y\",\"content\":[" content "],\"stop_reason\":" reason ",\"stop_sequence\":null,\"usage\":" usage "}"
#define U "{\"input_tokens\":3,\"output_tokens\":5}"

static const reply_case unary[] = {
    { "1 text blocks are one text", false, MSG(TEXT("a ") "," TEXT(" b\\n\\ud83d\\ude00\\ud800"), "\"end_turn\"", U),
      "T:a |T: b\n\xf0\x9f\x98\x80\xef\xbf\xbd|U:3,-,-,5,-|=stop(end_turn)claude-y" },
    { "1 empty is valid", false, MSG("", "\"end_turn\"", "{}"), "=stop(end_turn)claude-y" },
    { "3 thinking, state", false,
      MSG("{\"type\":\"thinking\",\"thinking\":\"h\\\"m\",\"signature\":\"Sig=\"},{\"type\":\"redacted_thinking\",\"data\":\"DD\"}," TEXT("x"), "\"end_turn\"", U),
      "R:h\"m|T:x|U:3,-,-,5,-|=stop(end_turn)claude-y state=anthropic:[{\"type\":\"thinking\",\"thinking\":\"h\\\"m\",\"signature\":\"Sig=\"},{\"type\":\"redacted_thinking\",\"data\":\"DD\"}]" },
    { "members in any order", false,
      "{\"content\":[{\"signature\":\"S\",\"thinking\":\"t\",\"type\":\"thinking\"},{\"text\":\"x\",\"type\":\"text\"},{\"id\":\"i\",\"input\":{\"b\":1.50,\"a\":[]},\"name\":\"f\",\"type\":\"tool_use\"}],"
      "\"model\":\"m\",\"stop_reason\":\"tool_use\",\"type\":\"message\",\"usage\":{\"output_tokens\":1}}",
      "R:t|T:x|S0:i,f|D0:{\"b\":1.50,\"a\":[]}|C0:{\"b\":1.50,\"a\":[]}|U:-,-,-,1,-|=tool_calls(tool_use)m state=anthropic:[{\"type\":\"thinking\",\"thinking\":\"t\",\"signature\":\"S\"}]" },
    { "6 refusal is a reason", false, MSG("", "\"refusal\"", U), "U:3,-,-,5,-|=refusal(refusal)claude-y" },
    { "7, 10 server tools, compaction, fallback are nothing", false,
      MSG("{\"type\":\"server_tool_use\",\"id\":\"s\",\"name\":\"web_search\",\"input\":{\"query\":\"q\"}},"
          "{\"type\":\"web_search_tool_result\",\"tool_use_id\":\"s\",\"content\":[{\"type\":\"web_search_result\",\"url\":\"u\",\"title\":\"t\",\"text\":\"no\"}]},"
          "{\"type\":\"mcp_tool_use\",\"id\":\"m\",\"name\":\"n\",\"input\":{},\"server_name\":\"x\"},{\"type\":\"compaction\",\"content\":\"no\"},"
          "{\"type\":\"fallback\",\"from\":{\"model\":\"a\"},\"to\":{\"model\":\"b\"}},{\"type\":\"new_thing\",\"text\":\"no\"},7,[\"no\"]," TEXT("yes"), "\"pause_turn\"", U),
      "T:yes|U:3,-,-,5,-|=other(pause_turn)claude-y" },
    { "citations", false,
      MSG("{\"type\":\"text\",\"text\":\"x\",\"citations\":[{\"type\":\"web_search_result_location\",\"url\":\"http:\\/\\/a\",\"title\":\"A\"},{\"type\":\"search_result_location\",\"source\":\"http://s\",\"title\":null},"
          "{\"type\":\"char_location\",\"document_title\":\"doc\"},null]},{\"type\":\"text\",\"text\":\"\",\"citations\":null}",
          "\"end_turn\"", "{}"),
      "T:x|=stop(end_turn)claude-y cites=http://a,A cites=http://s, cites=,doc" },
    { "12 no input is {}", false, MSG("{\"type\":\"tool_use\",\"id\":\"i\",\"name\":\"f\",\"input\":{ }},{\"type\":\"tool_use\",\"id\":\"k\",\"name\":\"g\"}", "\"tool_use\"", "{}"),
      "S0:i,f|C0:{}|S1:k,g|C1:{}|=tool_calls(tool_use)claude-y" },
    { "15 words", false, MSG(TEXT("x"), "\"model_context_window_exceeded\"", "{}"), "T:x|=length(model_context_window_exceeded)claude-y" },
    { "16 no word and a call", false, MSG("{\"type\":\"tool_use\",\"id\":\"i\",\"name\":\"f\",\"input\":{\"a\":1}}", "null", "{}"), "S0:i,f|D0:{\"a\":1}|C0:{\"a\":1}|=tool_calls()claude-y" },
    { "19 sums", false,
      MSG(TEXT("x"), "\"end_turn\"",
          "{\"input_tokens\":3,\"cache_creation_input_tokens\":10,\"cache_read_input_tokens\":100,\"cache_creation\":{\"ephemeral_5m_input_tokens\":10},\"output_tokens\":9,"
          "\"output_tokens_details\":{\"thinking_tokens\":4},\"iterations\":[{\"input_tokens\":999}],\"service_tier\":\"standard\"}"),
      "T:x|U:113,100,10,9,4|=stop(end_turn)claude-y" },
    { "18 null is absent, 0 is 0", false, MSG(TEXT("x"), "\"end_turn\"", "{\"input_tokens\":0,\"cache_read_input_tokens\":null,\"output_tokens\":0}"), "T:x|U:0,-,-,0,-|=stop(end_turn)claude-y" },
    { "21 no part exceeds its whole", false, MSG(TEXT("x"), "\"end_turn\"", "{\"output_tokens\":2,\"output_tokens_details\":{\"thinking_tokens\":4}}"), "T:x|U:-,-,-,2,2|=stop(end_turn)claude-y" },
    { "29 an error with status 200", false, "{\"type\":\"error\",\"error\":{\"type\":\"rate_limit_error\",\"message\":\"slow\"},\"request_id\":\"r\"}", "!10(rate_limit_error)slow" },
    { "28 another protocol", false, "{\"choices\":[]}", "!20()" },
    { "28 no object", false, "[]", "!20()" },
    { "28 no JSON", false, "<html>\n", "!20()" },
};

#define START(usage) "{\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude-y\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":" usage "}}\n"
#define BLOCK(i, block) "{\"type\":\"content_block_start\",\"index\":" i ",\"content_block\":{" block "}}\n"
#define DELTA(i, delta) "{\"type\":\"content_block_delta\",\"index\":" i ",\"delta\":{" delta "}   }  \n"
#define STOP(i) "{\"type\":\"content_block_stop\",\"index\":" i "}\n"
#define END(reason, usage) "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"" reason "\",\"stop_sequence\":null},\"usage\":" usage "}\n{\"type\":\"message_stop\"}\n"
#define OPEN_TEXT(i) BLOCK(i, "\"type\":\"text\",\"text\":\"\"")
#define SAYS(i, t) DELTA(i, "\"type\":\"text_delta\",\"text\":\"" t "\"")
#define THINKS(i, t) DELTA(i, "\"type\":\"thinking_delta\",\"thinking\":\"" t "\"")
#define SIGNS(i, t) DELTA(i, "\"type\":\"signature_delta\",\"signature\":\"" t "\"")
#define ARGS(i, t) DELTA(i, "\"type\":\"input_json_delta\",\"partial_json\":\"" t "\"")
#define CALL(i, id, name) BLOCK(i, "\"type\":\"tool_use\",\"id\":\"" id "\",\"name\":\"" name "\",\"input\":{}")
#define S1 "{\"input_tokens\":3,\"cache_read_input_tokens\":2,\"cache_creation_input_tokens\":1,\"output_tokens\":1}"

static const reply_case streams[] = {
    { "spellings of the same event", true,
      "{\"type\":\"content_block_delta\",\"index\":12,\"delta\":{\"type\":\"text_delta\",\"text\":\"\\t1\"}}\n{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"2\"},\"p\":1}\n"
      "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"3\",\"p\":1}}\n{ \"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\",\"text\":\"4\"} }\n"
      "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":null}}\n" END("end_turn", "{}"),
      "T:\t1|T:2|T:3|T:4|=stop(end_turn)" },
    { "28 no JSON though it looks like it", true, "{\"type\":\"content_block_delta\",\"index\":00,\"delta\":{\"type\":\"text_delta\",\"text\":\"a\"}}\n", "!20()" },
    { "28 and more", true, "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"a\"}}}\n", "!20()" },
    { "text", true, START(S1) OPEN_TEXT("0") "{\"type\":\"ping\"}\n" SAYS("0", "Hel") SAYS("0", "lo \\u00e9") SAYS("0", "") STOP("0") END("end_turn", "{\"output_tokens\":9}"),
      "T:Hel|T:lo \xc3\xa9|U:6,2,1,9,-|=stop(end_turn)claude-y" },
    { "thinking, signature, state", true,
      START("{}") BLOCK("0", "\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"") THINKS("0", "a\\n") THINKS("0", "b") SIGNS("0", "Si") SIGNS("0", "g=") STOP("0")
          BLOCK("1", "\"type\":\"redacted_thinking\",\"data\":\"D+/=\"") STOP("1") BLOCK("2", "\"type\":\"thinking\",\"thinking\":\"c\",\"signature\":\"T\"") STOP("2")
              OPEN_TEXT("3") SAYS("3", "x") STOP("3") END("end_turn", "{}"),
      "R:a\n|R:b|R:c|T:x|=stop(end_turn)claude-y state=anthropic:[{\"type\":\"thinking\",\"thinking\":\"a\\nb\",\"signature\":\"Sig=\"},{\"type\":\"redacted_thinking\",\"data\":\"D+/=\"},"
      "{\"type\":\"thinking\",\"thinking\":\"c\",\"signature\":\"T\"}]" },
    { "thinking that is not shown is state all the same", true,
      START("{}") BLOCK("0", "\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"") SIGNS("0", "S") STOP("0") OPEN_TEXT("1") SAYS("1", "x") END("end_turn", "{}"),
      "T:x|=stop(end_turn)claude-y state=anthropic:[{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"S\"}]" },
    { "thinking without a signature", true, START("{}") BLOCK("0", "\"type\":\"thinking\",\"thinking\":\"\"") THINKS("0", "q") END("end_turn", "{}"),
      "R:q|=stop(end_turn)claude-y state=anthropic:[{\"type\":\"thinking\",\"thinking\":\"q\"}]" },
    { "calls in fragments", true,
      START(S1) OPEN_TEXT("0") SAYS("0", "ok") STOP("0") CALL("1", "i1", "f") ARGS("1", "") ARGS("1", "{\\\"a\\\"") ARGS("1", ":\\\"\\u00fc\\\"}") STOP("1") CALL("2", "i2", "g") STOP("2")
          END("tool_use", "{\"input_tokens\":4,\"output_tokens\":7}"),
      "T:ok|S0:i1,f|D0:{\"a\"|D0::\"\xc3\xbc\"}|C0:{\"a\":\"\xc3\xbc\"}|S1:i2,g|C1:{}|U:7,2,1,7,-|=tool_calls(tool_use)claude-y" },
    { "12 cut arguments", true, START("{}") CALL("0", "i", "f") ARGS("0", "{\\\"a\\\":") STOP("0") END("max_tokens", "{}"), "S0:i,f|D0:{\"a\":|C0:!{\"a\":|=length(max_tokens)claude-y" },
    { "a call whose input is there at its start", true, START("{}") BLOCK("0", "\"type\":\"tool_use\",\"id\":\"i\",\"name\":\"f\",\"input\":{\"p\":1}") STOP("0") END("tool_use", "{}"),
      "S0:i,f|D0:{\"p\":1}|C0:{\"p\":1}|=tool_calls(tool_use)claude-y" },
    { "... unless it comes again in pieces", true,
      START("{}") BLOCK("0", "\"type\":\"tool_use\",\"id\":\"i\",\"name\":\"f\",\"input\":{\"p\":1}") ARGS("0", "{\\\"p\\\":2}") STOP("0") END("tool_use", "{}"),
      "S0:i,f|D0:{\"p\":2}|C0:{\"p\":2}|=tool_calls(tool_use)claude-y" },
    { "calls whose pieces mix", true, START("{}") CALL("0", "a", "f") CALL("1", "b", "g") ARGS("1", "{\\\"b\\\":1}") STOP("1") END("tool_use", "{}"),
      "S0:a,f|C0:{}|S1:b,g|D1:{\"b\":1}|C1:{\"b\":1}|=tool_calls(tool_use)claude-y" },
    { "7, 10 server tools, compaction, fallback", true,
      START("{}") BLOCK("0", "\"type\":\"server_tool_use\",\"id\":\"s\",\"name\":\"w\",\"input\":{}") ARGS("0", "{\\\"q\\\":1}") STOP("0")
          BLOCK("1", "\"type\":\"web_search_tool_result\",\"tool_use_id\":\"s\",\"content\":[{\"type\":\"text\",\"text\":\"no\"}]") STOP("1") BLOCK("2", "\"type\":\"compaction\",\"content\":null")
              DELTA("2", "\"type\":\"compaction_delta\",\"content\":\"no\"") STOP("2") BLOCK("3", "\"type\":\"fallback\",\"to\":{\"model\":\"z\"}") STOP("3") OPEN_TEXT("4") SAYS("4", "yes")
                  DELTA("4", "\"type\":\"new_delta\",\"text\":\"no\"") STOP("4") END("end_turn", "{}"),
      "T:yes|=stop(end_turn)claude-y" },
    { "citations", true,
      START("{}") OPEN_TEXT("0") DELTA("0", "\"type\":\"citations_delta\",\"citation\":{\"type\":\"web_search_result_location\",\"url\":\"u\",\"title\":\"t\",\"cited_text\":\"c\"}") SAYS("0", "x")
          DELTA("0", "\"type\":\"citations_delta\",\"citation\":{\"url\":\"u\",\"title\":\"t\"}") STOP("0") END("end_turn", "{}"),
      "T:x|=stop(end_turn)claude-y cites=u,t" },
    { "22 member by member, null does not overwrite", true,
      START("{\"input_tokens\":10,\"cache_read_input_tokens\":5,\"output_tokens\":1,\"output_tokens_details\":{\"thinking_tokens\":1}}")
          END("end_turn", "{\"input_tokens\":null,\"cache_creation_input_tokens\":7,\"output_tokens\":20,\"iterations\":[{\"output_tokens\":99}],\"output_tokens_details\":{\"thinking_tokens\":8}}"),
      "U:22,5,7,20,8|=stop(end_turn)claude-y" },
    { "type behind the rest", true,
      "{\"message\":{\"model\":\"m\"},\"type\":\"message_start\"}\n{\"content_block\":{\"text\":\"a\",\"type\":\"text\"},\"index\":0,\"type\":\"content_block_start\"}\n"
      "{\"delta\":{\"text\":\"b\",\"type\":\"text_delta\"},\"index\":0,\"type\":\"content_block_delta\"}\n{\"delta\":{\"stop_reason\":\"end_turn\"},\"type\":\"message_delta\"}\n{\"type\":\"message_stop\"}\n",
      "T:a|T:b|=stop(end_turn)m" },
    { "26 what comes after the end", true, START("{}") END("end_turn", "{\"output_tokens\":1}") "[DONE]\n{\"type\":\"message_delta\",\"delta\":{},\"usage\":{\"output_tokens\":2}}\n",
      "U:-,-,-,2,-|=stop(end_turn)claude-y" },
    { "27 unknown events and members", true,
      "{\"type\":\"novelty\",\"index\":{},\"delta\":[1],\"message\":\"x\"}\n{\"x\":1}\n" START("{\"new\":{\"input_tokens\":9}}") "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":null}\n"
      "{\"type\":\"content_block_delta\",\"index\":\"zero\",\"delta\":{\"type\":\"text_delta\",\"text\":7}}\n" END("end_turn", "null"),
      "=stop(end_turn)claude-y" },
    { "29, 32 an error in the stream", true, START("{}") OPEN_TEXT("0") SAYS("0", "half") "{\"type\":\"error\",\"error\":{\"details\":null,\"type\":\"overloaded_error\",\"message\":\"Overloaded\"},\"request_id\":\"r\"}\n",
      "T:half|!15(overloaded_error)Overloaded" },
    { "28 an event that is no JSON", true, START("{}") SAYS("0", "a") "{\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\",\"text\":\"b\"}]\n", "T:a|!20()" },
    { "25 cut", true, START("{\"input_tokens\":1}") OPEN_TEXT("0") SAYS("0", "half"), "T:half|!21()" },
    { "25 cut in a call: it is none", true, START("{}") CALL("0", "i", "f") ARGS("0", "{\\\"a"), "S0:i,f|D0:{\"a|!21()" },
};

static void test_unary(void **state) {
    (void)state;
    answer_cases(A, "anthropic", unary, LLMFI_COUNT(unary));
}

static void test_streams(void **state) {
    (void)state;
    answer_cases(A, "anthropic", streams, LLMFI_COUNT(streams));
}

/* What a frame has begun when it turns out to be broken does not count. */
static void test_undone(void **state) {
    static const char first[] = "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"redacted_thinking\",\"data\":\"A\"}}";
    static const char broken[] = "{\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":\"redacted_thinking\",\"data\":\"B\"}}]";
    answer a;
    (void)state;
    answer_init(&a, "anthropic", true);
    answer_frame(&a, A, llmfi_cstr(first));
    answer_frame(&a, A, llmfi_cstr(broken));
    answer_frame(&a, A, LLMFI_LIT("{\"type\":\"message_stop\"}"));
    answer_end(&a, A);
    assert_string_equal(a.log.ptr, "!20() state=anthropic:[{\"type\":\"redacted_thinking\",\"data\":\"A\"}]");
    answer_free(&a);
}

/* 11: an id is made where there is none. */
static void test_ids(void **state) {
    answer a;
    llmf_str one, two;
    (void)state;
    answer_init(&a, "anthropic", false);
    answer_frame(&a, A, LLMFI_LIT(MSG("{\"type\":\"tool_use\",\"id\":\"\",\"name\":\"f\"},{\"type\":\"tool_use\",\"name\":\"f\"}", "\"tool_use\"", "{}")));
    answer_end(&a, A);
    assert_int_equal(a.reply.call_count, 2);
    one = a.reply.calls[0].id;
    two = a.reply.calls[1].id;
    assert_true(one.len && two.len && !llmfi_eq(one, two));
    answer_free(&a);
}

/* The state of a reply goes back as it came. */
static void test_round_trip(void **state) {
    static char kept[512];
    answer a;
    size_t i = 0;
    (void)state;
    while (strcmp(streams[i].name, "thinking, signature, state")) i++;
    answer_init(&a, "anthropic", true);
    answer_feed(&a, A, streams[i].frames, LLMFI_NOWHERE);
    memcpy(kept, a.reply.state.ptr, a.reply.state.len);
    hi();
    question_add(&Q, LLMF_ASSISTANT, "x")->state = llmfi_str(kept, a.reply.state.len);
    log_free(&a.log);
    body(HEAD "\"messages\":[" USER(TEXT("Hi")) "," ASSISTANT("{\"type\":\"thinking\",\"thinking\":\"a\\nb\",\"signature\":\"Sig=\"},{\"type\":\"redacted_thinking\",\"data\":\"D+/=\"},"
                                                             "{\"type\":\"thinking\",\"thinking\":\"c\",\"signature\":\"T\"}," TEXT("x")) "]}");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),    cmocka_unit_test(test_messages), cmocka_unit_test(test_system_messages), cmocka_unit_test(test_cache),
        cmocka_unit_test(test_tool_turn), cmocka_unit_test(test_state),   cmocka_unit_test(test_parts),           cmocka_unit_test(test_tools),
        cmocka_unit_test(test_thinking), cmocka_unit_test(test_format),   cmocka_unit_test(test_version),         cmocka_unit_test(test_extra),
        cmocka_unit_test(test_path),     cmocka_unit_test(test_unary),    cmocka_unit_test(test_streams),         cmocka_unit_test(test_undone),
        cmocka_unit_test(test_ids),      cmocka_unit_test(test_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
