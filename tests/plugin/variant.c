/* A plugin that says of itself what -D has it say: for tests/engine/plugins.c. What happens to it is written to the file $PLUGIN_MARKS. */
#define LLMF_PLUGIN
#include "llmfactory.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef TAG
#define TAG "A"
#endif
#ifndef DIALECT
#define DIALECT "acme"
#endif
#ifndef PROVIDER
#define PROVIDER "acme"
#endif
#ifndef SPEAKS
#define SPEAKS DIALECT
#endif
#ifndef NAME
#define NAME "variant"
#endif
#ifndef FRAMING
#define FRAMING LLMF_FRAMING_JSON
#endif
#ifndef DIALECTS
#define DIALECTS 1
#endif
#ifndef PROVIDERS
#define PROVIDERS 1
#endif
#ifndef LIST
#define LIST dialects
#endif
#ifndef BODY
#define BODY body
#endif
#ifndef BASE
#define BASE "https://acme.test"
#endif
#ifndef OPENS
#define OPENS NULL
#endif

static int calls; /* each copy that is loaded has its own */

static void mark(const char *what) {
    const char *path = getenv("PLUGIN_MARKS");
    FILE *f = path ? fopen(path, "a") : NULL;
    if (!f) return;
    fprintf(f, "%s %s\n", what, TAG);
    fclose(f);
}

__attribute__((destructor)) static void gone(void) {
    mark("gone");
}

static llmf_str text(const char *s) {
    llmf_str t;
    t.ptr = s;
    t.len = strlen(s);
    return t;
}

static void path(void *user, const llmf_request *req, const llmf_model_info *model, llmf_out *out) {
    (void)user, (void)req;
    llmf_out_write(out, "/say/", 5);
    llmf_out_write(out, model->model_id.ptr, model->model_id.len);
}

static void body(void *user, const llmf_request *req, const llmf_model_info *model, llmf_out *out) {
    (void)user, (void)model;
    llmf_out_write(out, "{\"p\":", 5);
    llmf_out_json_string(out, text(req->messages[0].content));
    llmf_out_write(out, "}", 1);
}

/* {"t": text, "think": text, "n": tokens, "call": arguments, "oops": text}: all that a reply can be told to hold. */
static void on_frame(void *user, llmf_reply *reply, llmf_str event, llmf_str data) {
    llmf_str key, value;
    char words[256];
    size_t at = 0;
    (void)user, (void)event;
    if (!llmf_json_valid(data, NULL)) llmf_reply_error(reply, LLMF_ERR_PROTOCOL, text("json"), text("no JSON"));
    while (llmf_json_each(data, &at, &key, &value)) {
        double n;
        llmf_str t;
        t.ptr = words;
        t.len = llmf_json_string(value, words, sizeof words);
        if (key.len == 1 && key.ptr[0] == 't') {
            char count[16];
            snprintf(count, sizeof count, TAG "%d:", ++calls);
            llmf_reply_text(reply, text(count));
            llmf_reply_text(reply, t);
        }
        if (key.len == 5) llmf_reply_reasoning(reply, t);
        if (key.len == 4 && key.ptr[0] == 'c') llmf_reply_tool(reply, text("id1"), text("look"), value);
        if (key.len == 4 && key.ptr[0] == 'o') llmf_reply_error(reply, LLMF_ERR_QUOTA, text("broke"), t);
        if (key.len == 1 && key.ptr[0] == 'n' && llmf_json_number(value, &n)) {
            llmf_usage usage = {3, -1, -1, 0, -1};
            usage.output = (int64_t)n;
            llmf_reply_usage(reply, &usage);
        }
    }
    if (llmf_json_get(data, "end", &value)) {
        llmf_reply_finish(reply, text("stop"));
        llmf_reply_done(reply);
    }
}

static const char *opens(void) {
    mark("open");
    if (llmf_plugin_host->abi != LLMF_ABI || llmf_plugin_host->size < sizeof(llmf_host)) return "a host that is not whole";
    return OPENS;
}

static void closes(void) {
    mark("close");
}

static const llmf_dialect dialects[] = {{DIALECT, NULL, path, BODY, FRAMING, LLMF_FRAMING_NDJSON, on_frame}, {DIALECT, NULL, path, body, FRAMING, LLMF_FRAMING_NDJSON, on_frame}};
static const llmf_provider_desc providers[] = {{PROVIDER, SPEAKS, BASE, NULL, "small", NULL}};

#if defined(NEEDS)
void llmf_close_what_is_not_there(void);
void (*needs)(void) = llmf_close_what_is_not_there;
#endif

#if defined(OTHER_ABI) /* of which nothing but the two numbers may be looked at */
const llmf_plugin llmf_plugin_entry = {LLMF_ABI + 6, 8, 0, 0, 0, 0, 0, 0, (const llmf_host **)1, (const char *)1, (const char *)1, NULL, 0, NULL, 0, NULL, NULL};
#elif defined(SHORT)
const llmf_plugin llmf_plugin_entry = {LLMF_ABI, 16, 0, 0, 0, 0, 0, 0, (const llmf_host **)1, (const char *)1, (const char *)1, NULL, 0, NULL, 0, NULL, NULL};
#elif defined(LATER)
const llmf_plugin llmf_plugin_entry = {LLMF_ABI, sizeof(llmf_plugin), sizeof(llmf_host), sizeof(llmf_request) + 8, sizeof(llmf_model_info), sizeof(llmf_dialect), sizeof(llmf_provider_desc), 0,
                                       &llmf_plugin_host, NAME, "1", dialects, 1, providers, 1, opens, closes};
#elif defined(EARLIER) /* compiled when these structs had fewer members */
const llmf_plugin llmf_plugin_entry = {LLMF_ABI, sizeof(llmf_plugin), 24, sizeof(llmf_request) - 8, sizeof(llmf_model_info) - 8, sizeof(llmf_dialect), sizeof(llmf_provider_desc), 0,
                                       &llmf_plugin_host, NAME, "1", dialects, 1, providers, 1, opens, closes};
#elif defined(HEADLESS)
const llmf_plugin llmf_plugin_entry = {LLMF_ABI, sizeof(llmf_plugin), 0, 0, 0, 0, 0, 0, NULL, NAME, "1", dialects, 1, providers, 1, opens, closes};
#elif !defined(NO_ENTRY)
const llmf_plugin llmf_plugin_entry = {LLMF_PLUGIN_HEAD, NAME, "1", LIST, DIALECTS, providers, PROVIDERS, opens, closes};
#endif
