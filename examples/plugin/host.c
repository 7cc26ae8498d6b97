/* A program that asks whatever model its config names, in a plugin or not.  ./host CONFIG MODEL PROMPT

     cc -I. -o build/examples/plugin/host examples/plugin/host.c -lcurl

   with a config such as

     plugins:
       acme: {path: plugins/acme.so, sha256: "…what `sha256sum plugins/acme.so` says…"}
     models:
       small: {provider: acme, model_id: small-1} */
#define LLMF_WITH_PLUGINS 1
#define LLMFACTORY_IMPLEMENTATION
#include "llmfactory.h"
#include <stdio.h>

static int print(void *user, const llmf_event *ev) {
    (void)user;
    if (ev->type == LLMF_EVENT_TEXT) fwrite(ev->text.ptr, 1, ev->text.len, stdout);
    return LLMF_CONTINUE;
}

int main(int argc, char **argv) {
    llmf_desc desc = {0};
    llmf_request req = {0};
    llmf_response r;
    llmf_error err;
    llmf_factory *f;
    if (argc != 4) return fprintf(stderr, "usage: %s CONFIG MODEL PROMPT\n", argv[0]), 2;
    desc.config = argv[1];
    f = llmf_open(&desc, &err);
    if (!f) return fprintf(stderr, "%s\n", err.text), 1;
    req.prompt = argv[3];
    req.stream = true;
    req.on_event = print;
    llmf_generate(f, llmf_get(f, argv[2], NULL), &req, &r);
    if (r.error.code) fprintf(stderr, "%s\n", r.error.text);
    else printf("\n(%lld tokens read, %lld written)\n", (long long)r.usage.input, (long long)r.usage.output);
    llmf_close(f);
    return r.error.code != LLMF_OK;
}
