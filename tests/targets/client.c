/* A program of a foreign target against the loopback server: `client http://127.0.0.1:PORT`. Streamed calls of three dialects over the library's own sockets with the
   right text, twenty at the same time, and the errors of a closed port and of a stream that is cut. It has no test library: it is to be small and the same everywhere. */
#define LLMF_NO_CURL 1
#define LLMFACTORY_IMPLEMENTATION
#include "llmfactory.h"
#include <stdio.h>
#include <stdlib.h>

#define MANY 20
#define SAYING "The ferry leaves at nine, \xc3\xa0 bient\xc3\xb4t."

static int passed, failed;

static void check(bool good, const char *what, const char *name, const char *got) {
    if (good) passed++;
    else failed++, printf("FAILED %s: %s: %s\n", name, what, got);
}

typedef struct stream {
    llmf_call call;
    char text[256];
    size_t len;
    int finals, code, pieces;
    char error[512];
} stream;

static void take(llmf_factory *f, stream *s) {
    llmf_event ev;
    while (llmf_next(f, s->call, &ev)) {
        if (ev.type == LLMF_EVENT_TEXT && s->len + ev.text.len < sizeof s->text) {
            memcpy(s->text + s->len, ev.text.ptr, ev.text.len);
            s->len += ev.text.len;
            s->pieces++;
        }
        if (!ev.response) continue;
        s->finals++;
        s->code = ev.response->error.code;
        snprintf(s->error, sizeof s->error, "%s", ev.response->error.text);
    }
    s->text[s->len] = '\0';
}

/* All at the same time, to their ends. */
static void run(llmf_factory *f, const char *const *names, size_t kinds, stream *s, size_t n) {
    llmf_request req;
    size_t i, open = n;
    long rounds;
    memset(&req, 0, sizeof req);
    memset(s, 0, n * sizeof *s);
    req.prompt = "echo: " SAYING;
    req.stream = true;
    req.max_tokens = 100;
    for (i = 0; i < n; i++) s[i].call = llmf_start(f, llmf_get(f, names[i % kinds], NULL), &req);
    for (rounds = 0; open && rounds < 100000; rounds++) {
        if (llmf_poll(f, 1000) < 0) break;
        for (i = 0, open = 0; i < n; i++) {
            take(f, &s[i]);
            open += !s[i].finals;
        }
    }
    for (i = 0; i < n; i++) llmf_free(f, s[i].call);
}

static void right(const stream *s, const char *name) {
    check(s->finals == 1, "not one final event", name, s->error);
    check(s->code == LLMF_OK, "an error", name, s->error);
    check(strcmp(s->text, "echo: " SAYING) == 0, "another text", name, s->text);
    check(s->pieces > 1, "not streamed", name, s->text);
}

int main(int argc, char **argv) {
    static const char *const names[] = {"openai", "anthropic", "ollama"}, *const closed[] = {"closed"}, *const cut[] = {"cut"};
    static stream s[MANY];
    char config[1500];
    llmf_desc d;
    llmf_error err;
    llmf_factory *f;
    size_t i;
    if (argc != 2) return fprintf(stderr, "usage: client http://127.0.0.1:PORT\n"), 2;
    snprintf(config, sizeof config,
             "models:\n"
             "  openai: {provider: openai, model_id: gpt-4o-mini, base_url: \"%s/n8/d2000/v1\"}\n"
             "  anthropic: {provider: anthropic, model_id: claude-sonnet-5, base_url: \"%s/n8/d2000\"}\n"
             "  ollama: {provider: ollama, model_id: llama3.2, base_url: \"%s/n8/d2000\"}\n"
             "  closed: {provider: openai, model_id: m, base_url: \"http://127.0.0.1:1/v1\"}\n"
             "  cut: {provider: openai, model_id: m, base_url: \"%s/x-cut-900/n8/v1\"}\n",
             argv[1], argv[1], argv[1], argv[1]);
    memset(&d, 0, sizeof d);
    d.config_text = config;
    d.api_key = "demo-key-of-the-loopback-server";
    d.transport = "socket";
    f = llmf_open(&d, &err);
    check(f != NULL, "llmf_open", "client", err.text);
    if (f) {
        for (i = 0; i < 3; i++) {
            run(f, &names[i], 1, s, 1);
            right(&s[0], names[i]);
        }
        run(f, names, 3, s, MANY);
        for (i = 0; i < MANY; i++) right(&s[i], names[i % 3]);
        run(f, closed, 1, s, 1);
        check(s[0].finals == 1 && s[0].code == LLMF_ERR_NETWORK && strstr(s[0].error, "refused") != NULL, "not refused", "closed", s[0].error);
        run(f, cut, 1, s, 1);
        check(s[0].finals == 1 && s[0].code == LLMF_ERR_TRUNCATED && s[0].len > 0, "not truncated", "cut", s[0].error);
        llmf_close(f);
    }
    printf("%d passed, %d failed, 0 skipped\n", passed, failed);
    return failed != 0;
}
