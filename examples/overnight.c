/* Each line of a file is a prompt, answered by the provider's own batch: within a day, for less. Run it again until all is there: it submits first, then looks, then
   collects. What it must know in between stands beside the answers: ./overnight CONFIG MODEL PROMPTS ANSWERS */
#define LLMFACTORY_IMPLEMENTATION
#include "llmfactory.h"
#include <stdio.h>
#include <string.h>

static FILE *prompts, *answers;
static char line[65536];

static int give(void *user, size_t i, llmf_request *req, llmf_model *m) {
    (void)user, (void)i, (void)m;
    if (!fgets(line, sizeof line, prompts)) return LLMF_STOP;
    line[strcspn(line, "\n")] = '\0';
    req->prompt = line;
    return *line ? LLMF_CONTINUE : LLMF_SKIP;
}

static int take(void *user, const llmf_batch_item *item) {
    const llmf_response *r = item->response;
    (void)user;
    fprintf(answers, "%lu: %s\n", (unsigned long)item->index + 1, r->error.code ? r->error.text : r->text.ptr);
    return LLMF_CONTINUE;
}

/* One action, to its end; what it has cost is printed, where that is known. */
static int act(llmf_factory *f, int action, const llmf_batch *batch, llmf_batch_job *job) {
    llmf_call c = llmf_start_job(f, action, batch, job);
    llmf_event ev;
    int code = c.id ? llmf_wait(f, c) : LLMF_ERR_MEMORY;
    if (c.id && llmf_next(f, c, &ev)) {
        if (code) fprintf(stderr, "overnight: %s\n", ev.response->error.text);
        if (!code && ev.response->cost_pico > 0) fprintf(stderr, "$%.6f\n", (double)ev.response->cost_pico / 1e12);
    }
    llmf_free(f, c);
    return code;
}

int main(int argc, char **argv) {
    llmf_desc desc = {0};
    llmf_batch batch = {0};
    llmf_batch_job job = {0};
    llmf_error err;
    llmf_factory *f;
    char path[4096];
    FILE *kept;
    int rc;
    desc.config = argv[1];
    if (argc != 5 || snprintf(path, sizeof path, "%s.batch", argv[4]) >= (int)sizeof path) return fprintf(stderr, "usage: overnight CONFIG MODEL PROMPTS ANSWERS\n"), 2;
    f = llmf_open(&desc, &err);
    if (f) batch.model = llmf_get(f, argv[2], &err);
    if (!batch.model.id) return fprintf(stderr, "overnight: %s\n", err.text), 1;
    batch.request = give;
    batch.result = take;
    kept = fopen(path, "r");
    if (!kept) { /* nothing is submitted yet */
        if (!(prompts = fopen(argv[3], "r")) || !(kept = fopen(path, "w"))) return perror("overnight"), 1;
        rc = act(f, LLMF_BATCH_SUBMIT, &batch, &job);
        fprintf(kept, "%s\n", job.id);
        if (fclose(kept) || rc) return remove(path), 1;
        return printf("submitted as %s\n", job.id) < 0;
    }
    if (fscanf(kept, "%255s", job.id) != 1) return fprintf(stderr, "overnight: %s is empty\n", path), 1;
    if (act(f, LLMF_BATCH_POLL, &batch, &job)) return 1;
    if (job.state < LLMF_JOB_DONE) return printf("%s: %ld of %ld done\n", job.status, (long)(job.done < 0 ? 0 : job.done), (long)job.total) < 0;
    if (!(answers = fopen(argv[4], "w"))) return perror("overnight"), 1;
    rc = act(f, LLMF_BATCH_COLLECT, &batch, &job);
    if (fclose(answers) || rc) return 1;
    return printf("%s: the answers are in %s\n", job.status, argv[4]) < 0;
}
