/* Prompts that stand in a config, with holes, and a chain of them: ./prompts CONFIG PROMPTS PORT */
#define LLMFACTORY_IMPLEMENTATION
#include "llmfactory.h"
#include <stdio.h>
#include <string.h>

static llmf_var var(const char *name, const char *value) {
    llmf_var v;
    v.name = name;
    v.value.ptr = value;
    v.value.len = strlen(value);
    return v;
}

static int failed(const char *what, const llmf_error *e) {
    fprintf(stderr, "%s: %s: %s\n", what, llmf_result_name(e->code), e->text);
    return 1;
}

/* One prompt, filled and asked. */
static int classify(llmf_factory *f, const char *text) {
    llmf_var v = var("text", text);
    llmf_rendered p;
    llmf_response r;
    llmf_error err;
    int status = 0;
    if (llmf_render(f, "classify", NULL, &v, 1, &p, &err) != LLMF_OK) return failed("classify", &err);
    printf("%d messages, the last: %s\n", (int)p.request.message_count, p.request.messages[p.request.message_count - 1].content);
    if (llmf_generate(f, llmf_get(f, p.model.ptr, &err), &p.request, &r) == LLMF_OK) printf("classify> %s\n", r.text.ptr);
    else status = failed("classify", &r.error);
    llmf_release(f, &r);
    llmf_render_free(f, &p);
    return status;
}

/* Two prompts, one behind the other: what the first one gives is read as JSON, and the second one speaks of it. */
static int ferry(llmf_factory *f, const char *port) {
    llmf_var v = var("port", port);
    llmf_request req = {0};
    llmf_chain chain = {0};
    llmf_call c;
    llmf_event ev;
    int status = 1;
    req.stream = true;
    chain.name = "ferry";
    chain.vars = &v;
    chain.var_count = 1;
    chain.request = &req;
    c = llmf_start_chain(f, &chain);
    do {
        while (llmf_next(f, c, &ev)) {
            if (ev.type == LLMF_EVENT_STEP) printf("step %d> %.*s\nferry> ", ev.index + 1, (int)ev.text.len, ev.text.ptr);
            if (ev.type == LLMF_EVENT_TEXT) printf("%.*s", (int)ev.text.len, ev.text.ptr);
            if (ev.type == LLMF_EVENT_ERROR) failed("ferry", &ev.response->error);
            if (ev.type != LLMF_EVENT_DONE) continue;
            printf("\n(%d requests, $%.6f)\n", (int)ev.response->attempt_count, (double)ev.response->cost_pico / 1e12);
            status = 0;
        }
    } while (llmf_poll(f, -1) > 0);
    llmf_free(f, c);
    return status;
}

int main(int argc, char **argv) {
    const char *configs[2];
    llmf_desc desc = {0};
    llmf_error err;
    llmf_factory *f;
    int status;
    if (argc != 4) return fprintf(stderr, "usage: prompts CONFIG PROMPTS PORT\n"), 2;
    configs[0] = argv[1];
    configs[1] = argv[2];
    desc.configs = configs;
    desc.config_count = 2;
    f = llmf_open(&desc, &err);
    if (!f) return failed("open", &err);
    status = classify(f, "It left on time & the sea was calm");
    if (!status) status = ferry(f, argv[3]);
    llmf_close(f);
    return status;
}
