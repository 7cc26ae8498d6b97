/* A program that is configured from where it is deployed: files beside it, then what AWS says: models and providers in S3, named by two parameters of SSM, their keys in
   Secrets Manager. Nothing of that is in the program.  ./deployed DIRECTORY [SOURCE…], and commands on its standard input:

     models                  the configured ones
     ask NAME PROMPT         streams an answer
     price NAME              of a million tokens of input, in USD
     reload                  reads all sources again, and tells what has changed

     cc -I. -o build/examples/deployed examples/deployed.c -lcurl
     build/examples/deployed models/ ssm: */
#define LLMF_WITH_PLUGINS 1
#define LLMFACTORY_IMPLEMENTATION
#include "llmfactory.h"
#include <stdio.h>
#include <string.h>

static void on_reload(void *user, const llmf_reload_info *info) {
    size_t i;
    (void)user;
    if (info->error) printf("kept the old config: %s\n", info->error->text);
    for (i = 0; i < info->changed_count; i++) printf("changed: %s\n", info->changed[i]);
}

static void on_log(void *user, int level, int id, llmf_str text) {
    (void)user, (void)level, (void)id;
    fprintf(stderr, "%.*s\n", (int)text.len, text.ptr);
}

static int print(void *user, const llmf_event *ev) {
    (void)user;
    if (ev->type == LLMF_EVENT_TEXT) printf("%.*s", (int)ev->text.len, ev->text.ptr);
    return LLMF_CONTINUE;
}

static void models(llmf_factory *f) {
    llmf_model_info info;
    size_t i;
    for (i = 0; llmf_model_at(f, i, &info) && info.configured; i++)
        printf("%.*s by %.*s\n", (int)info.name.len, info.name.ptr, (int)info.provider.len, info.provider.ptr);
}

static void ask(llmf_factory *f, const char *name, const char *prompt) {
    llmf_request req = {0};
    llmf_response r;
    llmf_error err;
    llmf_model m = llmf_get(f, name, &err), again = llmf_get(f, name, &err);
    if (!m.id) {
        printf("%s\n", err.text);
        return;
    }
    req.prompt = prompt;
    req.stream = true;
    req.on_event = print;
    if (llmf_generate(f, m, &req, &r) == LLMF_OK) printf("\n(%s)\n", m.id == again.id ? "the same handle each time" : "another handle");
    else printf("%s\n", r.error.text);
    llmf_release(f, &r);
}

static void price(llmf_factory *f, const char *name) {
    llmf_model_info info;
    if (llmf_describe(f, llmf_get(f, name, NULL), &info) != LLMF_OK) printf("no model has the name %s\n", name);
    else if (info.price_input == LLMF_UNKNOWN) printf("the price of %s is not known\n", name);
    else printf("%s: %.2f USD\n", name, (double)info.price_input / 1e6);
}

int main(int argc, char **argv) {
    llmf_desc desc = {0};
    llmf_error err;
    llmf_factory *f;
    char line[1000], *name, *rest;
    if (argc < 2) return fprintf(stderr, "usage: %s DIRECTORY [SOURCE...]\n", argv[0]), 2;
    desc.config = argv[1];
    desc.configs = (const char *const *)(argv + 2);
    desc.config_count = (size_t)argc - 2;
    desc.config_copy = "build/deployed.copy"; /* with it the program starts where AWS cannot be reached */
    desc.on_reload = on_reload;
    desc.log = on_log;
    f = llmf_open(&desc, &err);
    if (!f) return fprintf(stderr, "%s\n", err.text), 1;
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        name = strchr(line, ' ');
        if (name) *name++ = '\0';
        rest = name ? strchr(name, ' ') : NULL;
        if (rest) *rest++ = '\0';
        if (strcmp(line, "models") == 0) models(f);
        else if (strcmp(line, "ask") == 0 && rest) ask(f, name, rest);
        else if (strcmp(line, "price") == 0 && name) price(f, name);
        else if (strcmp(line, "reload") == 0) llmf_reload(f, &err);
        else printf("models, ask NAME PROMPT, price NAME or reload\n");
        fflush(stdout);
    }
    llmf_close(f);
    return 0;
}
