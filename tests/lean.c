/* A build with nothing but what it names (LLMF_ONLY): chat, stream and tools work, and what is left out says so by name.   lean BASE_URL */
#define LLMFACTORY_IMPLEMENTATION
#include "llmfactory.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failed;

static void expect(bool good, const char *what, const char *text) {
    if (good) return;
    failed++;
    fprintf(stderr, "%s: %s\n", what, text);
}

/* A request that must end in this result, its text naming this word. */
static void refused(llmf_factory *f, llmf_model m, const llmf_request *req, int result, const char *word) {
    llmf_response r;
    llmf_generate(f, m, req, &r);
    expect(r.error.code == result && strstr(r.error.text, word) != NULL, word, r.error.text);
    llmf_release(f, &r);
}

static void not_opened(const llmf_desc *d, const char *word) {
    llmf_error err;
    llmf_factory *f = llmf_open(d, &err);
    expect(!f && err.code == LLMF_ERR_NOT_BUILT && strstr(err.text, word) != NULL, word, f ? "it opened" : err.text);
    if (f) llmf_close(f);
}

static int never(void *user, llmf_exchange *x, const llmf_http_request *req) {
    (void)user, (void)x, (void)req;
    return LLMF_ERR_NETWORK;
}

static void no_span(void *user, const llmf_span *span) {
    (void)user, (void)span;
}

static void test_open(void) {
    llmf_desc d;
    llmf_transport custom;
    llmf_filter filter;
    memset(&filter, 0, sizeof filter);
    memset(&d, 0, sizeof d);
    d.config = "models.yaml";
    not_opened(&d, "CONFIG");
    d.config = NULL;
    d.config_text = "{}";
    not_opened(&d, "CONFIG");
    d.config_text = NULL;
    d.env_file = ".env";
    not_opened(&d, "FILES");
    d.env_file = NULL;
    d.transport = "replay";
    not_opened(&d, "replay");
    d.transport = NULL;
    d.slice_us = 200;
    not_opened(&d, "SLICES");
    d.slice_us = 0;
    d.budget_day_pico = 1;
    not_opened(&d, "BUDGETS");
    d.budget_day_pico = 0;
    d.metrics = true;
    not_opened(&d, "METRICS");
    d.metrics = false;
    d.span = no_span;
    not_opened(&d, "METRICS");
    d.span = NULL;
    d.cache_mode = LLMF_CACHE_ON;
    not_opened(&d, "CACHE");
    d.cache_mode = 0;
    d.filters = &filter;
    d.filter_count = 1;
    not_opened(&d, "FILTERS");
    d.filter_count = 0;
    memset(&custom, 0, sizeof custom);
    custom.start = never;
    d.custom_transport = &custom;
    not_opened(&d, "CUSTOM");
}

static void test_names(llmf_factory *f) {
    llmf_error err;
    llmf_provider_desc p;
    llmf_request asked;
    llmf_rendered cut;
    llmf_fit fit;
    llmf_route_desc route;
    llmf_call none = {0};
    llmf_model none_model = {0};
    llmf_response answer;
    llmf_model m = {0};
    llmf_json_stream stream;
    size_t at = 0;
    llmf_status_info status;
    llmf_str nothing = {"", 0};
    expect(!llmf_get(f, "groq:any", &err).id && err.code == LLMF_ERR_NOT_BUILT && strstr(err.text, "LLMF_WITH_GROQ"), "groq", err.text);
    expect(!llmf_get(f, "grok:any", &err).id && err.code == LLMF_ERR_NOT_BUILT && strstr(err.text, "LLMF_WITH_XAI"), "an alias", err.text);
    expect(!llmf_create(f, "openai:any", "{\"temperature\": 1}", &err).id && err.code == LLMF_ERR_NOT_BUILT && strstr(err.text, "CONFIG"), "llmf_create", err.text);
    expect(llmf_create(f, "openai:any", NULL, &err).id != 0, "llmf_create without a config", err.text);
    memset(&route, 0, sizeof route);
    memset(&asked, 0, sizeof asked);
    memset(&fit, 0, sizeof fit);
    expect(!llmf_route(f, &route, NULL, &err).id && err.code == LLMF_ERR_NOT_BUILT && strstr(err.text, "ROUTES"), "llmf_route", err.text);
    expect(llmf_render(f, "x", NULL, NULL, 0, NULL, &err) == LLMF_ERR_NOT_BUILT && strstr(err.text, "PROMPTS"), "llmf_render", err.text);
    expect(!llmf_tokens_open(f, NULL, &err) && err.code == LLMF_ERR_NOT_BUILT && strstr(err.text, "TOKENS"), "llmf_tokens_open", err.text);
    expect(llmf_tokens_encode(NULL, nothing, 0, NULL, 0) == -LLMF_ERR_NOT_BUILT && llmf_tokens_decode(NULL, NULL, 0, NULL, 0) == -LLMF_ERR_NOT_BUILT, "llmf_tokens_encode", "it is built");
    expect(llmf_count_tokens_abi(f, llmf_get(f, "openai:any", NULL), NULL, 0, NULL) == -LLMF_ERR_NOT_BUILT, "llmf_count_tokens", "it is built");
    llmf_tokens_close(NULL);
    expect(!llmf_start_chain(f, NULL).id, "llmf_start_chain", "it is built");
    expect(!llmf_start_run(f, none_model, NULL).id, "llmf_start_run", "it is built");
    expect(llmf_run(f, none_model, NULL, &answer) == LLMF_ERR_NOT_BUILT && answer.error.code == LLMF_ERR_NOT_BUILT, "llmf_run", "it is built");
    llmf_last_error(f, &err);
    expect(err.code == LLMF_ERR_NOT_BUILT && strstr(err.text, "RUN"), "llmf_run", err.text);
    expect(llmf_tool_done(f, none, nothing, nothing, 0) == LLMF_ERR_NOT_BUILT, "llmf_tool_done", "it is built");
    expect(!llmf_start_batch(f, NULL).id, "llmf_start_batch", "it is built");
    llmf_last_error(f, &err);
    expect(err.code == LLMF_ERR_NOT_BUILT && strstr(err.text, "BATCH"), "llmf_start_batch", err.text);
    expect(llmf_json_check(f, "{}", nothing, &err) == LLMF_ERR_NOT_BUILT && strstr(err.text, "STRUCTURED"), "llmf_json_check", err.text);
    memset(&stream, 0, sizeof stream);
    expect(llmf_json_feed(&stream, nothing) == -LLMF_ERR_NOT_BUILT && llmf_json_schema(NULL, NULL, 0) == 0, "llmf_json_feed", "it is built");
    expect(llmf_text_each(LLMF_EACH_XML, nothing, &at, &nothing, &nothing) == -LLMF_ERR_NOT_BUILT && llmf_text_decode(LLMF_EACH_XML, nothing, NULL, 0) == LLMF_NOT_A_STRING, "llmf_text_each", "it is built");
    expect(llmf_generate_json(f, m, NULL, NULL, NULL) == LLMF_ERR_NOT_BUILT && !llmf_start_json(f, m, NULL, NULL).id, "llmf_generate_json", "it is built");
    llmf_last_error(f, &err);
    expect(strstr(err.text, "STRUCTURED") != NULL, "llmf_start_json", err.text);
    expect(llmf_fit_messages(f, llmf_get(f, NULL, NULL), &asked, &fit, &cut, &err) == LLMF_ERR_NOT_BUILT && strstr(err.text, "FIT"), "llmf_fit_messages", err.text);
    expect(!llmf_conversation_save(f, NULL, NULL, NULL, 0, NULL, 0, &err) && err.code == LLMF_ERR_NOT_BUILT, "llmf_conversation_save", err.text);
    expect(llmf_conversation_load(f, "x", nothing, &cut, &err) == LLMF_ERR_NOT_BUILT && strstr(err.text, "FIT"), "llmf_conversation_load", err.text);
    llmf_render_free(f, &cut);
    expect(llmf_score(f, none, 1) == LLMF_ERR_NOT_BUILT, "llmf_score", "it is built");
    expect(llmf_budget(f, LLMF_BUDGET_DAY, NULL, NULL) == LLMF_ERR_NOT_BUILT, "llmf_budget", "it is built");
    expect(llmf_metrics(f, NULL, 0) == 0, "llmf_metrics", "it printed");
    llmf_last_error(f, &err);
    expect(err.code == LLMF_ERR_NOT_BUILT && strstr(err.text, "METRICS"), "llmf_metrics", err.text);
    memset(&err, 0, sizeof err);
    expect(!llmf_provider_status(f, 0, &status), "llmf_provider_status", "there is one");
    llmf_last_error(f, &err);
    expect(err.code == LLMF_ERR_NOT_BUILT && strstr(err.text, "METRICS"), "llmf_provider_status", err.text);
    expect(llmf_aws_decode("GetObject", 200, nothing, NULL, 0, &err) == 0 && err.code == LLMF_ERR_NOT_BUILT && strstr(err.text, "SOURCES"), "llmf_aws_decode", err.text);
    memset(&p, 0, sizeof p);
    p.name = "mine";
    expect(llmf_register(f, &p, &err) == LLMF_ERR_NOT_BUILT && strstr(err.text, "REGISTER"), "llmf_register", err.text);
}

static void test_requests(llmf_factory *f, llmf_model m) {
    llmf_request req;
    llmf_message message;
    llmf_part part;
    llmf_tool tool;
    memset(&req, 0, sizeof req);
    memset(&message, 0, sizeof message);
    memset(&part, 0, sizeof part);
    memset(&tool, 0, sizeof tool);
    req.prompt = "Say hi";
    req.reasoning = "low";
    refused(f, m, &req, LLMF_ERR_NOT_BUILT, "REASONING");
    req.reasoning = NULL;
    req.trace_parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    refused(f, m, &req, LLMF_ERR_NOT_BUILT, "METRICS");
    req.trace_parent = NULL;
    req.response_cache = LLMF_CACHE_READ;
    refused(f, m, &req, LLMF_ERR_NOT_BUILT, "CACHE");
    req.response_cache = LLMF_CACHE_OFF;
    req.extra = "{}";
    refused(f, m, &req, LLMF_ERR_NOT_BUILT, "EXTRA");
    req.extra = NULL;
    req.budget_pico = 1;
    refused(f, m, &req, LLMF_ERR_NOT_BUILT, "BUDGETS");
    req.budget_pico = 0;
    req.format = "{\"type\": \"object\"}";
    refused(f, m, &req, LLMF_ERR_NOT_BUILT, "SCHEMA");
    req.format = NULL;
    tool.name = "t";
    tool.parameters = "[]";
    req.tools = &tool;
    req.tool_count = 1;
    refused(f, m, &req, LLMF_ERR_ARGUMENT, "tools[0].parameters");
    tool.parameters = "{}";
    tool.strict = true;
    refused(f, m, &req, LLMF_ERR_NOT_BUILT, "SCHEMA");
    req.tool_count = 0;
    req.prompt = NULL;
    req.messages = &message;
    req.message_count = 1;
    message.parts = &part;
    message.part_count = 1;
    part.type = LLMF_PART_IMAGE;
    part.url = "http://127.0.0.1/a.png";
    refused(f, m, &req, LLMF_ERR_NOT_BUILT, "MEDIA");
    message.part_count = 0;
    message.content = "\xff";
    refused(f, m, &req, LLMF_ERR_ARGUMENT, "messages[0].content");
    message.content = "[[status:429]]";
    refused(f, m, &req, LLMF_ERR_RATE_LIMIT, "rate_limit");
}

/* A streamed answer: its pieces are its text. With a tool, the call that the server makes of it. */
static void test_stream(llmf_factory *f, llmf_model m, const char *prompt, const llmf_tool *tool) {
    llmf_request req;
    llmf_event ev;
    llmf_call c;
    size_t text = 0, calls = 0;
    bool done = false;
    memset(&req, 0, sizeof req);
    req.prompt = prompt;
    req.stream = true;
    req.temperature = 0.7;
    req.tools = tool;
    req.tool_count = tool != NULL;
    c = llmf_start(f, m, &req);
    while (!done && llmf_poll(f, -1) >= 0)
        while (!done && llmf_next(f, c, &ev)) {
            if (ev.type == LLMF_EVENT_TEXT) text += ev.text.len;
            if (ev.type == LLMF_EVENT_TOOL_CALL) calls++;
            if (!ev.response) continue;
            done = true;
            expect(ev.type == LLMF_EVENT_DONE, "a stream", ev.response->error.text);
            expect(ev.response->text.len == text && ev.response->tool_call_count == calls, "what streamed is the answer", ev.response->text.ptr);
            expect(tool ? calls == 1 : text > 0, tool ? "a tool call" : "text", ev.response->text.ptr);
            expect(ev.response->usage.output > 0, "usage", "none");
        }
    llmf_free(f, c);
}

int main(int argc, char **argv) {
    llmf_desc d;
    llmf_error err;
    llmf_factory *f;
    llmf_model m;
    llmf_tool tool;
    if (argc < 2) return 2;
    test_open();
    memset(&d, 0, sizeof d);
    d.base_url = argv[1];
    d.api_key = "key-of-the-loopback-server";
    f = llmf_open(&d, &err);
    if (!f) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    m = llmf_get(f, "openai:gpt-4o", &err);
    expect(m.id != 0, "a model of the provider", err.text);
    test_names(f);
    test_requests(f, m);
    test_stream(f, m, "Say hi", NULL);
    memset(&tool, 0, sizeof tool);
    tool.name = "weather";
    tool.description = "The weather of a city";
    tool.parameters = "{\"type\": \"object\", \"properties\": {\"city\": {\"type\": \"string\"}}}";
    test_stream(f, m, "call weather {\"city\": \"Rome\"}", &tool);
    llmf_close(f);
    return failed != 0;
}
