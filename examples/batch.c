/* Each line of a file is a prompt; answers go to a JSON Lines file. Run again, it goes on where it was stopped: ./batch CONFIG MODEL PROMPTS RESULTS.jsonl */
#define LLMFACTORY_IMPLEMENTATION
#include "llmfactory.h"
#include <stdio.h>
#include <string.h>

static unsigned char done[100000];
static FILE *prompts, *results;
static char line[65536];

/* What an earlier run has answered. A line that was cut, or tells of an error, is asked for again. */
static void read_done(FILE *old) {
    while (fgets(line, sizeof line, old)) {
        llmf_str json = {line, strcspn(line, "\n")}, value;
        double i;
        if (llmf_json_get(json, "text", &value) && llmf_json_get(json, "i", &value) && llmf_json_number(value, &i) && i >= 0 && i < sizeof done) done[(size_t)i] = 1;
    }
}

static int give(void *user, size_t i, llmf_request *req, llmf_model *m) {
    (void)user, (void)m;
    if (i >= sizeof done || !fgets(line, sizeof line, prompts)) return LLMF_STOP;
    line[strcspn(line, "\n")] = '\0';
    req->prompt = line;
    return done[i] || !*line ? LLMF_SKIP : LLMF_CONTINUE;
}

static int take(void *user, const llmf_batch_item *item) {
    const llmf_response *r = item->response;
    size_t n;
    (void)user;
    fprintf(results, "{\"i\": %lu, \"%s\": \"%s", (unsigned long)item->index, r->error.code ? "error" : "text", r->error.code ? llmf_result_name(r->error.code) : "");
    for (n = 0; n < r->text.len && !r->error.code; n++) {
        char c = r->text.ptr[n];
        fprintf(results, (unsigned char)c < 0x20 ? "\\u%04x" : c == '"' || c == '\\' ? "\\%c" : "%c", c);
    }
    fprintf(results, "\"}\n");
    fprintf(stderr, "%lu done, %lu of them failed, %lu were there\n", (unsigned long)item->done, (unsigned long)item->failed, (unsigned long)item->skipped);
    return fflush(results) ? LLMF_STOP : LLMF_CONTINUE;
}

int main(int argc, char **argv) {
    llmf_desc desc = {0};
    llmf_batch batch = {0};
    llmf_error err;
    llmf_factory *f;
    desc.config = argv[1];
    if (argc != 5 || !(prompts = fopen(argv[3], "r")) || !(results = fopen(argv[4], "a+"))) return fprintf(stderr, "usage: batch CONFIG MODEL PROMPTS RESULTS.jsonl\n"), 2;
    rewind(results);
    read_done(results);
    f = llmf_open(&desc, &err);
    if (f) batch.model = llmf_get(f, argv[2], &err);
    if (!batch.model.id) return fprintf(stderr, "batch: %s\n", err.text), 1;
    batch.request = give;
    batch.result = take;
    return llmf_wait(f, llmf_start_batch(f, &batch)) != LLMF_OK;
}
