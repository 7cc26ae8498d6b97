/* A provider's own batch over the transport replay: any reply to each of its requests, in any pieces, cut anywhere, with little memory, the program stopping at any
   result. What must hold whatever comes: one end, each result once and with a number below the count, all memory back, an id that may stand in a path, valid UTF-8. */
#define LLMFACTORY_IMPLEMENTATION
#define LLMF_NO_CURL 1 /* nothing goes over a network here */
#include "../../llmfactory.h"
#include <stdio.h>

enum { HOSTS = 5, PLAN = 6, COUNT = 9 };
static const char *const names[HOSTS] = {"openai:gpt-4o", "openai_responses:gpt-5", "mistral:m", "anthropic:claude-x", "gemini:g"};
static llmf_factory *f;
static llmf_model models[HOSTS];
static size_t used;

static void must_at(bool ok, int line) {
    if (ok) return;
    fprintf(stderr, "fuzz_jobs.c:%d: does not hold\n", line);
    abort();
}
#define must(ok) must_at((ok), __LINE__)

typedef struct seen {
    bool done[COUNT], counted;
    int told, stop_at;
} seen;

static uint64_t now_ns;
static uint64_t clock_ns(void *user) {
    (void)user;
    return now_ns += 1000000;
}

static size_t in_use(void) {
    llmf_memory_info info;
    llmf_memory(f, &info);
    return info.used;
}

static int give(void *user, size_t i, llmf_request *req, llmf_model *m) {
    (void)user, (void)m;
    req->prompt = "hi";
    return i < 3 ? LLMF_CONTINUE : LLMF_STOP;
}

static int take(void *user, const llmf_batch_item *item) {
    seen *s = (seen *)user;
    const llmf_response *r = item->response;
    s->told++;
    must(item->done == (size_t)s->told);
    if (s->counted) {
        must(item->index < COUNT && !s->done[item->index]);
        s->done[item->index] = true;
    }
    must(llmfi_utf8_valid(r->text, NULL) && llmfi_utf8_valid(llmfi_cstr(r->error.text), NULL) && (!r->error.code || r->error.text[0]));
    return s->told == s->stop_at ? LLMF_STOP : LLMF_CONTINUE;
}

static void run(int action, const llmf_batch *b) {
    llmf_batch_job job;
    llmf_event ev;
    llmf_call c;
    int ends = 0, code = LLMF_OK;
    memset(&job, 0, sizeof job);
    if (action != LLMF_BATCH_SUBMIT) memcpy(job.id, "batches/x", 10);
    c = llmf_start_job(f, action, b, &job);
    if (!c.id) return;
    (void)llmf_wait(f, c);
    while (llmf_next(f, c, &ev)) {
        ends++;
        must(ev.type == LLMF_EVENT_DONE || ev.type == LLMF_EVENT_ERROR);
        must(ev.type == LLMF_EVENT_DONE || ev.response->error.text[0]);
        code = ev.response->error.code;
    }
    must(ends == 1);
    llmf_free(f, c);
    if (action != LLMF_BATCH_SUBMIT) must(llmfi_eq(llmfi_cstr(job.id), LLMFI_LIT("batches/x")));
    else must(llmfi_bulk_id_ok(llmfi_cstr(job.id)) || code);
    must(llmfi_utf8_valid(llmfi_cstr(job.status), NULL) && job.state >= LLMF_JOB_UNKNOWN && job.state <= LLMF_JOB_CANCELLED);
}

static void open_all(void) {
    llmf_desc d;
    llmf_error err;
    int i;
    memset(&d, 0, sizeof d);
    d.no_env = true;
    d.transport = "replay";
    d.memory_size = 1u << 20;
    d.recv_size = 256;
    d.max_calls = 4;
    d.clock_ns = clock_ns;
    f = llmf_open(&d, &err);
    must(f != NULL);
    for (i = 0; i < HOSTS; i++) {
        llmf_request r;
        memset(&r, 0, sizeof r);
        r.prompt = "x";
        models[i] = llmf_get(f, names[i], &err);
        llmf_free(f, llmf_start(f, models[i], &r));
    }
    used = in_use();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    llmf_recording reply;
    llmf_batch b;
    seen s;
    int host, action;
    if (size < PLAN) return 0;
    if (!f) open_all();
    memset(&reply, 0, sizeof reply);
    memset(&b, 0, sizeof b);
    memset(&s, 0, sizeof s);
    host = data[0] % HOSTS;
    action = LLMF_BATCH_SUBMIT + data[0] / HOSTS % 4;
    s.counted = data[1] & 1;
    s.stop_at = data[1] >> 4;
    reply.chunk = data[2];
    reply.status = data[1] & 2 ? 400 + data[1] % 128 : 200;
    reply.cut_at = data[3];
    reply.body = llmfi_str((const char *)data + PLAN, size - PLAN);
    must(llmf_replay(f, &reply) == LLMF_OK);
    b.model = models[host];
    b.request = give;
    b.result = take;
    b.user = &s;
    b.count = s.counted ? COUNT : 0;
    if (data[4]) llmf_fail_memory(f, data[4], data[5] & 1);
    run(action, &b);
    llmf_fail_memory(f, 0, false);
    must(in_use() == used);
    return 0;
}
