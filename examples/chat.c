/* A conversation that streams: each turn sends what was said before.  ./chat MODEL < questions.txt */
#define LLMFACTORY_IMPLEMENTATION
#include "llmfactory.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TURNS = 64 };

/* Text that must outlive its call: the library's own goes with the call. */
static char *keep(const char *text, size_t len) {
    char *to = (char *)malloc(len + 1);
    if (!to) exit(1);
    memcpy(to, text, len);
    to[len] = '\0';
    return to;
}

static bool turn(llmf_factory *f, llmf_model m, llmf_message *history, size_t *count) {
    llmf_request req = {0};
    llmf_event ev;
    llmf_call c;
    bool ended = false, good = false;
    req.messages = history;
    req.message_count = *count;
    req.stream = true;
    c = llmf_start(f, m, &req);
    while (!ended && llmf_poll(f, -1) >= 0) {
        while (llmf_next(f, c, &ev)) {
            if (ev.type == LLMF_EVENT_TEXT) fwrite(ev.text.ptr, 1, ev.text.len, stdout);
            if (ev.type == LLMF_EVENT_ERROR) fprintf(stderr, "%s\n", ev.response->error.text);
            if (!ev.response) continue;
            ended = true;
            good = ev.type == LLMF_EVENT_DONE;
            history[*count].role = LLMF_ASSISTANT;
            history[*count].content = keep(ev.response->text.ptr, ev.response->text.len);
            history[*count].state.ptr = keep(ev.response->state.ptr, ev.response->state.len); /* so that its reasoning goes on */
            history[*count].state.len = ev.response->state.len;
            ++*count;
        }
        fflush(stdout);
    }
    puts("");
    llmf_free(f, c);
    return good;
}

int main(int argc, char **argv) {
    static llmf_message history[2 * MAX_TURNS];
    char line[4096];
    size_t count = 0;
    bool good = true;
    llmf_error err;
    llmf_factory *f = llmf_open(NULL, &err);
    llmf_model m = llmf_get(f, argc > 1 ? argv[1] : NULL, &err);
    if (!m.id) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    while (good && count + 2 <= 2 * MAX_TURNS && fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        history[count++].content = keep(line, strlen(line));
        good = turn(f, m, history, &count);
    }
    llmf_close(f);
    while (count--) {
        free((void *)(size_t)history[count].content);
        free((void *)(size_t)history[count].state.ptr);
    }
    return good ? 0 : 1;
}
