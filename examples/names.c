/* One config file, three providers, chosen by name: ./names CONFIG NAME... */
#define LLMFACTORY_IMPLEMENTATION
#include "llmfactory.h"
#include <stdio.h>

static void show(const char *name, const llmf_response *r) {
    printf("%-8s %-12.*s %-24.*s %4lld in %4lld out  ", name, (int)r->provider.len, r->provider.ptr, (int)r->model_used.len, r->model_used.ptr,
           (long long)r->usage.input, (long long)r->usage.output);
    if (r->cost_pico == LLMF_UNKNOWN) printf("cost unknown\n");
    else printf("$%.6f\n", (double)r->cost_pico / 1e12);
}

static int on_event(void *user, const llmf_event *ev) {
    (void)user;
    if (ev->type == LLMF_EVENT_TEXT) fwrite(ev->text.ptr, 1, ev->text.len, stdout);
    fflush(stdout);
    return LLMF_CONTINUE;
}

int main(int argc, char **argv) {
    llmf_desc desc = {0};
    llmf_error err;
    llmf_factory *f;
    int i, failed = 0;
    if (argc < 3) return fprintf(stderr, "usage: names CONFIG NAME...\n"), 2;
    desc.config = argv[1];
    f = llmf_open(&desc, &err);
    if (!f) return fprintf(stderr, "%s\n", err.text), 1;
    for (i = 2; i < argc; i++) {
        llmf_request req = {0};
        llmf_response r;
        req.prompt = "Tell a very short story.";
        req.stream = true;
        req.on_event = on_event;
        printf("%s> ", argv[i]);
        if (llmf_generate(f, llmf_get(f, argv[i], &err), &req, &r) != LLMF_OK) {
            fprintf(stderr, "%s: %s\n", argv[i], err.code ? err.text : r.error.text);
            failed = 1;
        } else {
            puts("");
            show(argv[i], &r);
        }
        llmf_release(f, &r);
    }
    llmf_close(f);
    return failed;
}
