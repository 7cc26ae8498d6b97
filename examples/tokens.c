/* How many tokens has a text, and what is left of it if it must fit into some? ./tokens [FILE.tiktoken] <TEXT
   With a rank file of OpenAI (o200k_base.tiktoken) to the token, without one about. No network, no key. */
#define LLMFACTORY_IMPLEMENTATION
#include "llmfactory.h"
#include <stdio.h>
#include <stdlib.h>

enum { ROOM = 40 };

/* What a chat with this prompt would count, before anybody is asked. */
static int64_t show_count(llmf_factory *f, const char *model, const char *text, size_t len) {
    llmf_request req = {0};
    llmf_error err;
    int method;
    int64_t n;
    req.prompt = text;
    req.prompt_len = len;
    n = llmf_count_tokens(f, llmf_get(f, model, &err), &req, &method);
    if (n >= 0) printf("%-24s %lld tokens%s\n", model, (long long)n, method == LLMF_TOKENS_EXACT ? ", exactly" : ", about");
    return n;
}

/* The beginning of the text that has ROOM tokens: without a factory. */
static void show_cut(const llmf_tokens_desc *ranks, llmf_str text) {
    static uint32_t ids[ROOM];
    char cut[ROOM * 128];
    llmf_error err;
    llmf_tokens *t = llmf_tokens_open(NULL, ranks, &err);
    int64_t n, len;
    if (!t) {
        fprintf(stderr, "%s\n", err.text);
        return;
    }
    n = llmf_tokens_encode(t, text, 0, ids, ROOM);
    len = llmf_tokens_decode(t, ids, n < ROOM ? (size_t)n : ROOM, cut, sizeof cut);
    printf("%lld tokens; the first %d: %.*s\n", (long long)n, n < ROOM ? (int)n : ROOM, (int)len, cut);
    llmf_tokens_close(t);
}

int main(int argc, char **argv) {
    static char text[1 << 16];
    llmf_tokens_desc ranks = {0};
    llmf_desc desc = {0};
    llmf_factory *f;
    llmf_error err;
    llmf_str all = {text, fread(text, 1, sizeof text, stdin)};
    ranks.path = argc > 1 ? argv[1] : NULL;
    desc.ranks = &ranks;
    desc.rank_count = argc > 1;
    f = llmf_open(&desc, &err);
    if (!f) return fprintf(stderr, "%s\n", err.text), 1;
    if (show_count(f, "openai:gpt-4o", text, all.len) < 0 || show_count(f, "claude:claude-sonnet-5", text, all.len) < 0) return 1;
    llmf_close(f);
    if (ranks.path) show_cut(&ranks, all);
    return 0;
}
