/* One table over every family of providers, by name from one config file:  ./families CONFIG chat NAME... embed NAME... transcribe NAME...
   The text appears as it streams; what stands behind it means the same for each of them. */
#define LLMFACTORY_IMPLEMENTATION
#include "llmfactory.h"
#include <stdio.h>

enum { TEXT_WIDTH = 34 };

/* Prints pieces of text as they come, one line of them; `user` counts. */
static int on_event(void *user, const llmf_event *ev) {
    size_t *shown = (size_t *)user;
    if (ev->type == LLMF_EVENT_TEXT) *shown += fwrite(ev->text.ptr, 1, ev->text.len, stdout);
    fflush(stdout);
    return LLMF_CONTINUE;
}

static void show_count(long long n) {
    if (n < 0) printf("%6s", "-");
    else printf("%6lld", n);
}

static void show_end(const llmf_response *r, size_t shown) {
    printf("%*s", shown < TEXT_WIDTH ? (int)(TEXT_WIDTH - shown) : 1, "");
    show_count((long long)r->usage.input);
    show_count((long long)r->usage.output);
    if (r->cost_pico == LLMF_UNKNOWN) printf("  %-11s", "unknown");
    else printf("  $%.8f", (double)r->cost_pico / 1e12);
    printf("  %s\n", r->finish == LLMF_FINISH_STOP ? "stop" : r->finish == LLMF_FINISH_NONE ? "-" : "other");
}

/* A tenth of a second of silence. */
static llmf_part silence(void) {
    static unsigned char wav[44 + 1600] = "RIFF\x64\x06\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x40\x1f\0\0\x80\x3e\0\0\2\0\x10\0data\x40\x06\0\0";
    llmf_part p = {0};
    p.type = LLMF_PART_AUDIO;
    p.data = (const char *)wav;
    p.data_len = sizeof wav;
    p.media_type = "audio/wav";
    return p;
}

static int ask(llmf_factory *f, const char *name, int op) {
    llmf_str text = {"The ferry leaves at nine.", 25};
    llmf_part audio = silence();
    llmf_input in = {0};
    llmf_request req = {0};
    llmf_response r;
    llmf_model_info info;
    llmf_error err;
    llmf_model m = llmf_get(f, name, &err);
    size_t shown = 0;
    int result;
    if (llmf_describe(f, m, &info) != LLMF_OK) return fprintf(stderr, "%s: %s\n", name, err.text), 1;
    printf("%-10s %-17.*s ", name, (int)info.provider.len, info.provider.ptr);
    in.texts = &text;
    in.text_count = 1;
    in.audio = &audio;
    req.op = op;
    if (op != LLMF_OP_CHAT) req.input = &in;
    if (op == LLMF_OP_CHAT) req.prompt = "echo: The ferry leaves at nine.";
    req.stream = op == LLMF_OP_CHAT;
    req.on_event = on_event;
    req.on_event_user = &shown;
    result = llmf_generate(f, m, &req, &r);
    if (result != LLMF_OK) fprintf(stderr, "%s: %s\n", name, r.error.text);
    if (op == LLMF_OP_EMBED && r.output && r.output->vectors) shown += (size_t)printf("%d numbers: %.3f, %.3f ...", (int)r.output->dimensions, r.output->vectors[0], r.output->vectors[1]);
    if (result == LLMF_OK) show_end(&r, shown);
    llmf_release(f, &r);
    return result != LLMF_OK;
}

int main(int argc, char **argv) {
    llmf_desc desc = {0};
    llmf_error err;
    llmf_factory *f;
    int i, op = LLMF_OP_CHAT, failed = 0;
    if (argc < 3) return fprintf(stderr, "usage: families CONFIG chat NAME... embed NAME... transcribe NAME...\n"), 2;
    desc.config = argv[1];
    f = llmf_open(&desc, &err);
    if (!f) return fprintf(stderr, "%s\n", err.text), 1;
    printf("%-10s %-17s %-*s%6s%6s  %-11s  %s\n", "name", "provider", (int)TEXT_WIDTH, "text", "in", "out", "cost", "finish");
    for (i = 2; i < argc; i++) {
        if (strcmp(argv[i], "chat") == 0) op = LLMF_OP_CHAT;
        else if (strcmp(argv[i], "embed") == 0) op = LLMF_OP_EMBED;
        else if (strcmp(argv[i], "transcribe") == 0) op = LLMF_OP_TRANSCRIBE;
        else failed |= ask(f, argv[i], op);
    }
    llmf_close(f);
    return failed;
}
