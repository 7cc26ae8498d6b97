/* bench_llmf.c - the library's client, as a program would write it: start, poll, next; CONC calls at once from one thread.
 * usage and result line as the others have them; MODE: plain | stream | paced (a stream, nothing kept of its text) |
 * embed | embed64 (100 vectors of 1,536 numbers, as JSON or base64, into an array). A second line tells of memory.
 *   BENCH_TRANSPORT=socket|curl     BENCH_CA=FILE   roots for https        BENCH_FRESH=1   a new connection for each call
 *   BENCH_METRICS=1   calls are counted for llmf_metrics */
#define LLMFACTORY_IMPLEMENTATION
#include "llmfactory.h"
#include "bench.h"

typedef struct slot { llmf_call call; double t; } slot;
static bench B;
static llmf_factory *F;
static llmf_model M;
static llmf_request R;
static llmf_message messages[2];
static llmf_input input;
static llmf_str texts[100];
static float vectors[100 * 1536];

static void fail(const char *what, const char *why) {
    fprintf(stderr, "bench_llmf: %s: %s\n", what, why);
    exit(1);
}
static void open_factory(const char *transport) {
    llmf_desc d;
    llmf_error err;
    memset(&d, 0, sizeof d);
    d.no_env = true;
    d.base_url = B.base;
    d.api_key = "sk-test-0123456789abcdef0123456789abcdef";
    d.transport = transport;
    d.max_calls = d.max_connections = (int)B.conc + 16;
    d.max_idle = getenv("BENCH_FRESH") ? -1 : d.max_connections;
    d.memory_size = (size_t)4 << 20;
    d.memory_size += (size_t)B.conc * 12288;
#if LLMF_HAS_BEARSSL
    d.memory_size += (size_t)B.conc * 8192;
#endif
    d.ca_file = getenv("BENCH_CA");
    d.metrics = getenv("BENCH_METRICS") != NULL;
    F = llmf_open(&d, &err);
    if (!F) fail("llmf_open", err.text);
    M = llmf_get(F, "openai:" B_MODEL, &err);
    if (!M.id) fail("llmf_get", err.text);
    messages[0].role = LLMF_SYSTEM;
    messages[0].content = B_SYSTEM;
    messages[1].content = B_USER;
    if (!strncmp(B.mode, "embed", 5)) {
        for (int i = 0; i < 100; i++) texts[i].ptr = "a short sentence to embed", texts[i].len = 25;
        input.texts = texts;
        input.text_count = 100;
        input.vectors = vectors;
        input.vector_cap = 100 * 1536;
        R.op = LLMF_OP_EMBED;
        R.input = &input;
        R.extra = strcmp(B.mode, "embed64") ? "{\"encoding_format\":\"float\"}" : NULL; /* which it would not ask for by itself */
        return;
    }
    R.messages = messages;
    R.message_count = 2;
    R.temperature = 0.7;
    R.stream = strcmp(B.mode, "plain") != 0;
    if (!strcmp(B.mode, "paced")) R.flags = LLMF_DISCARD_TEXT;
}
static void start(slot *s) {
    s->t = b_now();
    s->call = llmf_start(F, M, &R);
    if (!s->call.id) fail("llmf_start", "no room");
}
/* The final event of a call. */
static void finished(slot *s, const llmf_response *r) {
    if (r->error.code) {
        B.errors++;
        fprintf(stderr, "%s\n", r->error.text);
    } else if (R.op) {
        if (r->output->vector_count != 100 || r->output->dimensions != 1536) B.errors++;
        for (int i = 0; i < 100; i++) B.sum += (double)vectors[i * 1536];
    } else if (R.stream ? r->finish == LLMF_FINISH_NONE : !r->text.len) {
        B.errors++;
    }
    B.sum += (double)(r->usage.input + r->usage.output);
    b_lat(&B, b_now() - s->t);
    llmf_free(F, s->call);
}
static void run(slot *slots, long conc, long n) {
    long started = 0, done = 0, i;
    llmf_event ev;
    for (; started < conc && started < n; started++) start(&slots[started]);
    while (done < n) {
        if (llmf_poll(F, -1) < 0) fail("llmf_poll", "refused");
        while (llmf_next_any(F, &ev)) {
            if (ev.type == LLMF_EVENT_TEXT) {
                B.events++;
                B.content += ev.text.len;
                b_clock(&B, ev.text.ptr, ev.text.len);
            }
            if (!ev.response) continue;
            for (i = 0; slots[i].call.id != ev.call.id; i++) {}
            finished(&slots[i], ev.response);
            done++;
            slots[i].call.id = 0;
            if (started < n) {
                start(&slots[i]);
                started++;
            }
        }
    }
}
int main(int argc, char **argv) {
    const char *transport = getenv("BENCH_TRANSPORT") ? getenv("BENCH_TRANSPORT") : "socket";
    struct rlimit rl;
    llmf_memory_info info;
    char name[64];
    slot *slots;
    b_args(&B, argc, argv);
    getrlimit(RLIMIT_NOFILE, &rl);
    rl.rlim_cur = rl.rlim_max;
    setrlimit(RLIMIT_NOFILE, &rl);
    slots = (slot *)calloc((size_t)B.conc, sizeof *slots);
    if (!slots) return 1;
    open_factory(transport);
    if (B.warm) run(slots, B.conc, B.warm);
    b_start(&B);
    run(slots, B.conc, B.n);
    snprintf(name, sizeof name, "llmfactory-%s", transport);
    b_end(&B, name);
    llmf_memory(F, &info);
    printf("{\"block\":%zu,\"permanent\":%zu,\"high_water\":%zu}\n", info.block, info.permanent, info.high_water);
    llmf_close(F);
    free(slots);
    return B.errors != 0;
}
