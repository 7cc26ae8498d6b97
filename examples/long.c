/* A conversation without end: kept in a file, cut to the model's window, what goes summed up by a cheaper model: ./long CONFIG MODEL CHEAPER FILE.json < QUESTIONS */
#define LLMFACTORY_IMPLEMENTATION
#include "llmfactory.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static llmf_factory *f;
static llmf_error err;

static void good(const char *what, bool ok, const llmf_error *e) {
    if (!ok) exit((fprintf(stderr, "%s: %s: %s\n", what, llmf_result_name(e->code), e->text), 1));
}

/* *p is *req as it is to be sent. Asked twice: for what must be summed up, and with its summary. */
static void fit(llmf_model m, llmf_model cheaper, const llmf_request *req, llmf_rendered *p) {
    llmf_fit rules = {0};
    llmf_rendered ask;
    llmf_response r;
    memset(&r, 0, sizeof r);
    rules.ask_summary = 1;
    good("fit", llmf_fit_messages(f, m, req, &rules, &ask, &err) == LLMF_OK, &err);
    if (ask.request.prompt && llmf_generate(f, cheaper, &ask.request, &r) == LLMF_OK) rules.summary = r.text;
    llmf_render_free(f, &ask), rules.ask_summary = 0;
    good("fit", llmf_fit_messages(f, m, req, &rules, p, &err) == LLMF_OK, &err);
    if (rules.dropped) fprintf(stderr, "(%d messages went, %d tokens became %d)\n", (int)rules.dropped, (int)rules.before, (int)rules.after);
    llmf_release(f, &r);
}

int main(int argc, char **argv) {
    static char line[65536];
    static llmf_message messages[1002];
    llmf_str from_file = {NULL, 0};
    llmf_desc desc = {.config = argv[1]};
    llmf_model m, cheaper = {0};
    if (argc != 5) return fprintf(stderr, "usage: long CONFIG MODEL CHEAPER FILE.json\n"), 2;
    good("open", (f = llmf_open(&desc, &err)) != NULL, &err);
    good("models", (m = llmf_get(f, argv[2], &err)).id && (cheaper = llmf_get(f, argv[3], &err)).id, &err);
    FILE *old = fopen(argv[4], "r"); /* the first time there is none */
    if (old ? fclose(old) : !llmf_conversation_save(f, argv[4], NULL, NULL, 0, NULL, 0, &err)) good("save", false, &err);
    while (fgets(line, sizeof line, stdin)) {
        llmf_rendered talk, p;
        llmf_request req = {0};
        llmf_response r;
        good("load", llmf_conversation_load(f, argv[4], from_file, &talk, &err) == LLMF_OK, &err);
        req.message_count = talk.request.message_count < 1000 ? talk.request.message_count : 1000;
        memcpy(messages, talk.request.messages, req.message_count * sizeof *messages);
        messages[req.message_count++] = (llmf_message){.role = LLMF_USER, .content = line};
        req.messages = messages;
        fit(m, cheaper, &req, &p);
        good("answer", llmf_generate(f, m, &p.request, &r) == LLMF_OK, &r.error);
        printf("%s\n", r.text.ptr);
        memcpy(messages, p.request.messages, p.request.message_count * sizeof *messages); /* what was cut stays cut */
        messages[p.request.message_count++] = (llmf_message){.role = LLMF_ASSISTANT, .content = r.text.ptr, .content_len = r.text.len, .state = r.state};
        good("save", llmf_conversation_save(f, argv[4], NULL, messages, p.request.message_count, NULL, 0, &err) != 0, &err);
        llmf_release(f, &r);
        llmf_render_free(f, &p), llmf_render_free(f, &talk);
    }
    llmf_close(f);
}
