/* batch.c - many prompts through llmf_start_batch, in order, a share of them at a host that refuses them.   batch BASE N AT_ONCE
 * Prints one line: requests a second, CPU, errors, what was out of order, memory. */
#define LLMFACTORY_IMPLEMENTATION
#include "llmfactory.h"
#include "bench.h"

enum { FAILS_EACH = 100 };           /* batch.cjs has the same */

static llmf_model good, refuses;
static size_t total, told, failed, wrong;
static uint64_t characters;

static int give(void *user, size_t i, llmf_request *req, llmf_model *m) {
    static char prompt[160];
    (void)user;
    if (i % FAILS_EACH == FAILS_EACH - 1) *m = refuses;
    snprintf(prompt, sizeof prompt, "%s (%zu)", B_USER, i);
    req->system = B_SYSTEM;
    req->prompt = prompt;
    req->temperature = 0.7;
    return LLMF_CONTINUE;
}

static int take(void *user, const llmf_batch_item *item) {
    (void)user;
    if (item->index != told) wrong++;
    if ((item->response->error.code != LLMF_OK) != (item->index % FAILS_EACH == FAILS_EACH - 1)) wrong++;
    told++;
    if (item->response->error.code != LLMF_OK) failed++;
    characters += item->response->text.len;
    return LLMF_CONTINUE;
}

static void fail(const char *what, const char *why) {
    fprintf(stderr, "batch: %s: %s\n", what, why);
    exit(1);
}

static llmf_factory *open_factory(const char *base, int at_once) {
    static char config[1024];
    llmf_desc d;
    llmf_error err;
    llmf_factory *f;
    snprintf(config, sizeof config, "providers:\n  here: {dialect: openai, base_url: '%s/v1', auth: none}\n  nowhere: {dialect: openai, base_url: '%s/v1/nowhere', auth: none}\n"
             "models:\n  good: {provider: here, model_id: " B_MODEL "}\n  refuses: {provider: nowhere, model_id: " B_MODEL "}\n", base, base);
    memset(&d, 0, sizeof d);
    d.no_env = true;
    d.config_text = config;
    d.transport = "socket";
    d.max_calls = 2 * at_once + 1;
    d.max_connections = d.max_idle = at_once;
    d.memory_size = ((size_t)4 << 20) + (size_t)at_once * 24576;
    f = llmf_open(&d, &err);
    if (!f) fail("llmf_open", err.text);
    good = llmf_get(f, "good", &err);
    refuses = llmf_get(f, "refuses", &err);
    if (!good.id || !refuses.id) fail("llmf_get", err.text);
    return f;
}

int main(int argc, char **argv) {
    llmf_batch b;
    llmf_call c;
    llmf_event ev;
    llmf_memory_info info;
    llmf_factory *f;
    double t0, u0, s0, u1, s1, seconds;
    if (argc != 4) fail("usage", "batch BASE N AT_ONCE");
    total = (size_t)atol(argv[2]);
    f = open_factory(argv[1], atoi(argv[3]));
    memset(&b, 0, sizeof b);
    b.model = good;
    b.request = give;
    b.result = take;
    b.count = total;
    b.at_once = atoi(argv[3]);
    b.in_order = 1;
    b_cpu(&u0, &s0);
    t0 = b_now();
    c = llmf_start_batch(f, &b);
    llmf_wait(f, c);
    seconds = (b_now() - t0) / 1e6;
    b_cpu(&u1, &s1);
    if (!llmf_next(f, c, &ev) || ev.type != LLMF_EVENT_DONE) fail("llmf_start_batch", ev.response ? ev.response->error.text : "no end");
    llmf_memory(f, &info);
    printf("{\"client\":\"llmfactory\",\"n\":%zu,\"told\":%zu,\"failed\":%zu,\"wrong\":%zu,\"characters\":%llu,\"per_second\":%.0f,\"cpu_us\":%.1f,\"high_water\":%zu,\"rss_kb\":%ld}\n", total, told, failed, wrong,
           (unsigned long long)characters, (double)total / seconds, (u1 - u0 + s1 - s0) / (double)total, info.high_water, b_rss("VmHWM"));
    llmf_close(f);
    return wrong != 0;
}
