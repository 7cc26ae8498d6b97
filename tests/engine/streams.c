/* 200 streams at once from one thread, in 8 MiB: each must be right to its last byte, over our sockets and over libcurl, and nothing of ours is allocated after
   llmf_open. Three dialects by turns. */
#define KIT_COUNT_OURS
#include "kit.h"
#include "alloc.h"
#include "server.h"

enum { STREAMS = 200, ROUNDS = 3 };

static server the_server;

typedef struct flow {
    llmf_call call;
    int number, finals, code;
    size_t len, wrong_at;          /* bytes of text; the first that is not what it should be */
    bool wrong;
} flow;

/* What stream `number` was asked to echo: itself, in 30 pieces. */
static size_t said(char *to, size_t cap, int number) {
    size_t n = (size_t)snprintf(to, cap, "echo: "), i;
    for (i = 0; i < 60; i++) n += (size_t)snprintf(to + n, cap - n, "stream-%d.%zu \xc3\xa9 ", number, i);
    return n - 1; /* the server leaves the last space out */
}

static void take(flow *k, const llmf_event *ev) {
    static char expected[4096];
    size_t n = said(expected, sizeof expected, k->number), i;
    if (ev->type == LLMF_EVENT_TEXT) {
        for (i = 0; i < ev->text.len && !k->wrong; i++)
            if (k->len + i >= n || expected[k->len + i] != ev->text.ptr[i]) k->wrong = true, k->wrong_at = k->len + i;
        k->len += ev->text.len;
    }
    if (!ev->response) return;
    k->finals++;
    k->code = ev->response->error.code;
    if (k->len != n) k->wrong = true, k->wrong_at = k->len;
    if (ev->response->text.len != n || memcmp(ev->response->text.ptr, expected, n) != 0) k->wrong = true;
}

static void run(const char *transport) {
    static const char *const names[] = {"openai:m", "anthropic:m", "ollama:m"};
    static flow flows[STREAMS];
    kit_world w;
    llmf_desc d = kit_desc(&w);
    llmf_error err;
    llmf_factory *f;
    llmf_memory_info info;
    llmf_event ev;
    char prompt[4096], base[128];
    unsigned long ours = 0, all = 0, events = 0, polls = 0;
    size_t used = 0;
    int round, i, most = 0;
    double from, until;
    snprintf(base, sizeof base, "%s/d3000/n30", the_server.base);
    d.clock_ns = NULL;
    d.log = NULL;
    d.transport = transport;
    d.base_url = base;
    d.api_key = "sk-streams-0123456789";
    d.memory_size = 8 << 20;
    d.alloc = kit_alloc;
    d.max_calls = STREAMS;
    d.max_connections = STREAMS;
    d.no_env = true;
    f = llmf_open(&d, &err);
    if (!f && err.code == LLMF_ERR_NOT_BUILT) return;
    if (!f) fail_msg("%s", err.text);
    ours = kit_ours;
    from = kit_seconds();
    for (round = 0; round < ROUNDS; round++) {
        int running;
        memset(flows, 0, sizeof flows);
        until = kit_seconds() + 30;
        alloc_begin();
        for (i = 0; i < STREAMS; i++) {
            llmf_request req;
            memset(&req, 0, sizeof req);
            prompt[said(prompt, sizeof prompt, i)] = '\0';
            req.prompt = prompt;
            req.stream = true;
            flows[i].number = i;
            flows[i].call = llmf_start(f, llmf_get(f, names[i % 3], NULL), &req);
            if (!flows[i].call.id) {
                alloc_end();
                llmf_last_error(f, &err);
                fail_msg("%s, stream %d: %s", transport, i, err.text);
            }
        }
        do {
            running = llmf_poll(f, 100);
            polls++;
            if (running > most) most = running;
            while (llmf_next_any(f, &ev)) {
                for (i = 0; flows[i].call.id != ev.call.id; i++) continue;
                take(&flows[i], &ev);
                events++;
            }
        } while (running > 0 && kit_seconds() < until);
        alloc_end();
        all += alloc_all;
        for (i = 0; i < STREAMS; i++) {
            if (flows[i].finals != 1 || flows[i].code != LLMF_OK || flows[i].wrong)
                fail_msg("%s, stream %d: %d final events, %s, text %s at %zu", transport, i, flows[i].finals, llmf_result_name(flows[i].code), flows[i].wrong ? "wrong" : "right", flows[i].wrong_at);
            llmf_free(f, flows[i].call);
        }
        if (round == 0) used = kit_used(f);
        else assert_true(kit_used(f) <= used + 65536); /* what is kept are connections */
    }
    ours = kit_ours - ours;
    llmf_memory(f, &info);
    printf("%-7s %d x %d streams, %d at once, %lu events in %lu polls, %.2f s; block %zu, permanent %zu, high water %zu; blocks asked %d; allocations after open: ours %lu, all %lu%s\n", transport, ROUNDS, STREAMS, most,
           events, polls, kit_seconds() - from, info.block, info.permanent, info.high_water, w.blocks, ours, all, ALLOC_COUNTED ? "" : " (not counted in this build)");
    assert_int_equal(most, STREAMS);
    assert_int_equal(ours, 0);
    assert_int_equal(w.blocks, 1);
    if (strcmp(transport, "socket") == 0) assert_int_equal(all, 0);
    llmf_close(f);
    assert_int_equal(w.released, 1);
}

static void over_sockets(void **state) {
    (void)state;
    if (!the_server.pid) skip();
    run("socket");
}

static void over_curl(void **state) {
    (void)state;
    if (!the_server.pid) skip();
    run("curl");
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(over_sockets),
        cmocka_unit_test(over_curl),
    };
    int failed;
    server_start(&the_server);
    failed = cmocka_run_group_tests_name("streams", tests, NULL, NULL);
    server_stop(&the_server);
    return failed;
}
