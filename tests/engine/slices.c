/* llmf_poll(f, 0) keeps to its time slice. With a clock that moves 20 us at each reading that can be said exactly; with the real one the distribution is printed. */
#include "kit.h"
#include "server.h"
#include <time.h>

enum { FLOWS = 4, POLLS = 10000, EVENTS = 10000, SLICE_US = 200, STEP_US = 20 };
/* Readings of the clock that one event and the way out of llmf_poll may take after the slice is over. */
enum { WAY_OUT = 10 };

#if defined(__SANITIZE_ADDRESS__)
enum { SLOWER = 20 };
#else
enum { SLOWER = 1 };
#endif

static server the_server;

typedef struct bench {
    kit_world w;
    llmf_factory *f;
    llmf_model m;
    llmf_call c[FLOWS];
    unsigned long events, calls, of[FLOWS];
    const char *transport;
} bench;

static bool bench_open(bench *b, const char *transport, const char *path, bool own_clock) {
    static char base[160];
    llmf_desc d = kit_desc(&b->w);
    llmf_error err;
    if (strcmp(transport, "replay") != 0 && !the_server.pid) return false;
    snprintf(base, sizeof base, "%s%s", the_server.base, path);
    if (!own_clock) d.clock_ns = NULL;
    b->w.step = STEP_US * 1000;
    d.log = NULL;
    d.transport = b->transport = transport;
    d.slice_us = SLICE_US;
    d.timeouts.idle_ms = d.timeouts.first_byte_ms = d.timeouts.connect_ms = -1;
    d.max_response = (size_t)1 << 40;
    d.no_env = true;
    d.api_key = "sk-slices-0123456789";
    if (strcmp(transport, "replay") != 0) d.base_url = base;
    b->f = llmf_open(&d, &err);
    if (!b->f && err.code == LLMF_ERR_NOT_BUILT) return false;
    if (!b->f) fail_msg("%s", err.text);
    b->m = llmf_get(b->f, "openai:story", &err);
    return true;
}

static void bench_start(bench *b, int i) {
    llmf_request req = kit_request(true);
    req.flags = LLMF_DISCARD_TEXT;
    b->c[i] = llmf_start(b->f, b->m, &req);
    assert_true(b->c[i].id != 0);
    b->calls++;
}

/* Everything that waits; ended calls begin anew if wanted. Returns how many events there were. */
static unsigned bench_take(bench *b, bool again) {
    llmf_event ev;
    unsigned n = 0;
    int i;
    for (i = 0; i < FLOWS; i++)
        while (b->c[i].id && llmf_next(b->f, b->c[i], &ev)) {
            n++;
            b->of[i]++;
            if (!ev.response) continue;
            if (ev.type == LLMF_EVENT_ERROR) fail_msg("%s: %s", b->transport, ev.response->error.text);
            llmf_free(b->f, b->c[i]);
            b->c[i].id = 0;
            if (again) bench_start(b, i);
            break;
        }
    b->events += n;
    return n;
}

static bool bench_done(const bench *b) {
    int i;
    for (i = 0; i < FLOWS; i++)
        if (b->c[i].id) return false;
    return true;
}

/* ---- exact: the test's clock ---- */

static void exact(const char *transport, const char *path) {
    kit_text body = {NULL, 0, 0};
    llmf_recording r;
    bench b;
    unsigned long polls = 0, most_events = 0, behind = 0;
    uint64_t longest = 0;
    bool first = true;
    int i;
    memset(&b, 0, sizeof b);
    if (!bench_open(&b, transport, path, true)) return;
    if (strcmp(transport, "replay") == 0) {
        kit_counting(&body, NULL, EVENTS);
        r = kit_recording(200, body.ptr);
        llmf_replay(b.f, &r);
    }
    for (i = 0; i < FLOWS; i++) bench_start(&b, i);
    while (!bench_done(&b) && polls < 2000000) {
        uint64_t from = b.w.now, took;
        unsigned long n;
        int running = llmf_poll(b.f, 0);
        assert_true(running >= 0);
        took = (b.w.now - from) / 1000;
        if (took > longest) longest = took;
        n = bench_take(&b, false);
        if (n > most_events) most_events = n;
        polls++;
        for (i = 0; i < FLOWS && first; i++) first = b.c[i].id != 0;
        if (!first && !behind)
            for (i = 0, behind = b.of[0]; i < FLOWS; i++)
                if (b.of[i] < behind) behind = b.of[i];
    }
    printf("%-7s clock of %d us a reading, slice %d us: %lu events in %lu polls, at most %lu events and %lu us in one\n", transport, STEP_US, SLICE_US, b.events, polls, most_events, (unsigned long)longest);
    assert_true(b.events >= FLOWS * (unsigned long)EVENTS);
    if (strcmp(transport, "replay") == 0) { /* all was there at once: none may have waited for another's end */
        printf("        when the first had ended, the last had %lu of its %d events\n", behind, EVENTS);
        assert_true(behind >= EVENTS / 2);
    }
    if (strcmp(transport, "curl") != 0) { /* libcurl is asked to stop after a descriptor only */
        assert_true(longest <= SLICE_US + WAY_OUT * STEP_US);
        assert_true(polls >= b.events * STEP_US / (SLICE_US + WAY_OUT * STEP_US) / 4);
    }
    llmf_close(b.f);
    kit_drop(&body);
}

static void exact_replay(void **state) {
    (void)state;
    exact("replay", "");
}

static void exact_socket(void **state) {
    (void)state;
    if (!the_server.pid) skip();
    exact("socket", "/n10000");
}

static void exact_curl(void **state) {
    (void)state;
    if (!the_server.pid) skip();
    exact("curl", "/n10000");
}

/* No slice: one poll hands on all that the queue takes. */
static void no_slice(void **state) {
    kit_text body = {NULL, 0, 0};
    llmf_recording r;
    kit_world w;
    llmf_desc d = kit_desc(&w);
    llmf_factory *f;
    llmf_request req = kit_request(true);
    llmf_event ev;
    llmf_call c;
    unsigned n = 0, events = 0, polls = 0;
    (void)state;
    kit_counting(&body, NULL, 1000);
    r = kit_recording(200, body.ptr);
    d.transport = "replay";
    f = llmf_open(&d, NULL);
    llmf_replay(f, &r);
    c = llmf_start(f, llmf_get(f, "openai:m", NULL), &req);
    llmf_poll(f, 0);
    n = (unsigned)llmfi_reply_count(&llmfi_call_of(f, c)->reply);
    assert_true(n >= LLMF_MAX_QUEUED && n < LLMF_MAX_QUEUED + 4); /* then it stops reading: nothing is dropped */
    for (; polls < 100; polls++) {
        bool over = false;
        while (!over && llmf_next(f, c, &ev)) events++, over = ev.response != NULL;
        if (over) break;
        llmf_poll(f, 0);
    }
    assert_int_equal(events, 1001);
    llmf_free(f, c);
    llmf_close(f);
    kit_drop(&body);
    kit_drop(&w.log);
}

/* ---- the real clock ---- */

static double cpu_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void real(const char *transport) {
    static double wall[POLLS], cpu[POLLS];
    kit_text body = {NULL, 0, 0};
    llmf_recording r;
    bench b;
    unsigned most = 0;
    unsigned long all = 0;
    double until = kit_seconds() + 12;
    int i, polls;
    memset(&b, 0, sizeof b);
    if (!bench_open(&b, transport, "/n20000", false)) return;
    if (strcmp(transport, "replay") == 0) {
        kit_counting(&body, NULL, EVENTS);
        r = kit_recording(200, body.ptr);
        llmf_replay(b.f, &r);
    }
    for (i = 0; i < FLOWS; i++) bench_start(&b, i);
    for (i = 0; i < POLLS && kit_seconds() < until; all++) { /* those in which something came */
        double at = kit_seconds(), used = cpu_us();
        unsigned n;
        assert_true(llmf_poll(b.f, 0) >= 0);
        cpu[i] = cpu_us() - used;
        wall[i] = (kit_seconds() - at) * 1e6;
        n = bench_take(&b, true);
        if (n > most) most = n;
        if (n) i++;
        else if (all % 64 == 0) usleep(50); /* the server has to say something too */
    }
    polls = i;
    qsort(wall, (size_t)polls, sizeof *wall, by_size);
    qsort(cpu, (size_t)polls, sizeof *cpu, by_size);
    printf("%-7s slice %d us, %d polls with events of %lu, %lu events, %lu calls, at most %u events in one: wall p50 %.0f, p99 %.0f, max %.0f us; of this thread p50 %.0f, p99 %.0f, max %.0f us\n", transport, SLICE_US, polls,
           all, b.events, b.calls, most, wall[polls / 2], wall[polls * 99 / 100], wall[polls - 1], cpu[polls / 2], cpu[polls * 99 / 100], cpu[polls - 1]);
    assert_true(polls > 500);
    assert_true(cpu[polls / 2] < 2.0 * SLICE_US * SLOWER); /* far above the target: the machine may be busy, the slice must still be seen */
    llmf_close(b.f);
    kit_drop(&body);
}

static void distribution(void **state) {
    (void)state;
    real("replay");
    real("socket");
    real("curl");
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(exact_replay),
        cmocka_unit_test(exact_socket),
        cmocka_unit_test(exact_curl),
        cmocka_unit_test(no_slice),
        cmocka_unit_test(distribution),
    };
    int failed;
    server_start(&the_server);
    failed = cmocka_run_group_tests_name("slices", tests, NULL, NULL);
    server_stop(&the_server);
    return failed;
}
