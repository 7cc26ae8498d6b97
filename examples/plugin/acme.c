/* A plugin: a provider that the library does not know, with a dialect of its own.

     cc -shared -fPIC -I. -o build/plugins/acme.so examples/plugin/acme.c

   It is linked with nothing of llmfactory: what it calls comes from the program that loads it. What is here compiles in a program too, without LLMF_PLUGIN:
   there llmf_register_dialect and llmf_register take the same structs.

   Acme's chat: POST /v1/say {"model", "stream", "limit", "say": [{"who", "words"}]}. It answers {"words", "why", "heard", "said"}, streamed as lines of the same form, of which
   the last one has "why". */
#define LLMF_PLUGIN
#include "llmfactory.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static llmf_str text(const char *ptr, size_t len) {
    llmf_str s;
    s.ptr = ptr ? ptr : "";
    s.len = len ? len : strlen(s.ptr);
    return s;
}

static void put(llmf_out *out, const char *json) {
    llmf_out_write(out, json, strlen(json));
}

static void say_path(void *user, const llmf_request *req, const llmf_model_info *model, llmf_out *out) {
    (void)user, (void)req, (void)model;
    put(out, "/v1/say");
}

static void put_words(llmf_out *out, const char *who, llmf_str words) {
    put(out, "{\"who\":\"");
    put(out, who);
    put(out, "\",\"words\":");
    llmf_out_json_string(out, words);
    put(out, "}");
}

static void say_body(void *user, const llmf_request *req, const llmf_model_info *model, llmf_out *out) {
    static const char *const who[] = {"guest", "acme", "owner", "guest"};
    char limit[40];
    size_t i;
    (void)user;
    put(out, "{\"model\":");
    llmf_out_json_string(out, model->model_id);
    put(out, req->stream ? ",\"stream\":true" : ",\"stream\":false");
    snprintf(limit, sizeof limit, ",\"limit\":%lld", (long long)req->max_tokens);
    if (req->max_tokens > 0) put(out, limit);
    put(out, ",\"say\":[");
    if (req->system) put_words(out, "owner", text(req->system, req->system_len));
    for (i = 0; i < req->message_count; i++) {
        if (i || req->system) put(out, ",");
        put_words(out, who[req->messages[i].role], text(req->messages[i].content, req->messages[i].content_len));
    }
    put(out, "]}");
}

/* The text of a member that is a string, which the caller frees. NULL: there is none. */
static char *member(llmf_str json, const char *name, llmf_str *to) {
    llmf_str value;
    char *copy;
    if (!llmf_json_get(json, name, &value)) return NULL;
    to->len = llmf_json_string(value, NULL, 0);
    copy = to->len == LLMF_NOT_A_STRING ? NULL : (char *)malloc(to->len + 1);
    if (copy) llmf_json_string(value, copy, to->len + 1);
    to->ptr = copy;
    return copy;
}

static int64_t count(llmf_str json, const char *name) {
    llmf_str value;
    double n;
    return llmf_json_get(json, name, &value) && llmf_json_number(value, &n) ? (int64_t)n : LLMF_UNKNOWN;
}

/* A line of a stream, or the whole body, which looks the same. */
static void say_frame(void *user, llmf_reply *reply, llmf_str event, llmf_str data) {
    llmf_usage usage;
    llmf_str words;
    char *copy;
    (void)user, (void)event;
    copy = member(data, "error", &words);
    if (copy) llmf_reply_error(reply, LLMF_ERR_SERVER, text("", 0), words);
    free(copy);
    copy = member(data, "words", &words);
    if (copy && words.len) llmf_reply_text(reply, words);
    free(copy);
    copy = member(data, "why", &words);
    if (copy) {
        usage.input = count(data, "heard");
        usage.output = count(data, "said");
        usage.cache_read = usage.cache_write = usage.reasoning = LLMF_UNKNOWN;
        llmf_reply_usage(reply, &usage);
        llmf_reply_finish(reply, words);
        llmf_reply_done(reply);
    }
    free(copy);
}

static const llmf_dialect dialects[] = {{"acme", NULL, say_path, say_body, LLMF_FRAMING_JSON, LLMF_FRAMING_NDJSON, say_frame}};
static const llmf_provider_desc providers[] = {{"acme", "acme", "https://api.acme.example", "ACME_API_KEY", "small-1", NULL}};

const llmf_plugin llmf_plugin_entry = {LLMF_PLUGIN_HEAD, "acme", "1.0", dialects, 1, providers, 1, NULL, NULL};
