/* Look-ups in threads: with a getaddrinfo that takes half a second no llmf_poll does, and cancel and close do not wait for it. Under ThreadSanitizer too:
   cc -fsanitize=thread -g -I. tests/engine/dns.c -lcmocka -lpthread -DLLMF_NO_CURL=1 */
#define LLMF_WITH_DNS_THREADS 1
#define LLMFACTORY_IMPLEMENTATION
#include "../../src/system.h"
#include <netdb.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- the slow resolver ---- */

enum { SLOW_MS = 500 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct { int begun, ended, now, most; } asked;

static int count(int step) {
    int begun;
    pthread_mutex_lock(&lock);
    asked.now += step;
    asked.begun += step > 0;
    asked.ended += step < 0;
    if (asked.now > asked.most) asked.most = asked.now;
    begun = asked.begun;
    pthread_mutex_unlock(&lock);
    return begun;
}

static int ended(void) {
    int n;
    pthread_mutex_lock(&lock);
    n = asked.ended;
    pthread_mutex_unlock(&lock);
    return n;
}

static void ask_anew(void) {
    pthread_mutex_lock(&lock);
    memset(&asked, 0, sizeof asked);
    pthread_mutex_unlock(&lock);
}

static int slow_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **found) {
    int error;
    count(1);
    usleep(SLOW_MS * 1000);
    error = strcmp(host, "nowhere.test") == 0 ? EAI_NONAME : getaddrinfo("127.0.0.1", service, hints, found);
    count(-1);
    return error;
}

#define getaddrinfo slow_getaddrinfo
#undef LLMFACTORY_IMPLEMENTATION
#include "kit.h"
#undef getaddrinfo
#include "server.h"

static server lb;
static char config[4096];          /* models h0 … h9, of hosts of their own, and "nowhere" */

static llmf_factory *open_factory(kit_world *w) {
    llmf_desc d = kit_desc(w);
    llmf_error err;
    llmf_factory *f;
    d.clock_ns = NULL;
    d.log = NULL;
    d.no_env = true;
    d.api_key = "sk-dns";
    d.transport = "socket";
    d.config_text = config;
    f = llmf_open(&d, &err);
    if (!f) fail_msg("%s", err.text);
    return f;
}

static llmf_call begin(llmf_factory *f, const char *name) {
    llmf_request req = kit_request(true);
    llmf_error err;
    llmf_model m = llmf_get(f, name, &err);
    llmf_call c;
    if (!m.id) fail_msg("%s", err.text);
    c = llmf_start(f, m, &req);
    assert_true(c.id != 0);
    return c;
}

/* llmf_poll(f, 0) until all are done, sleeping a millisecond between: the longest, in seconds. */
static double polls(llmf_factory *f, const llmf_call *calls, kit_seen *seen, int n) {
    double longest = 0, until = kit_seconds() + 30;
    int i, finals = 0;
    memset(seen, 0, (size_t)n * sizeof *seen);
    while (finals < n && kit_seconds() < until) {
        double from = kit_seconds(), took;
        assert_true(llmf_poll(f, 0) >= 0);
        took = kit_seconds() - from;
        if (took > longest) longest = took;
        for (i = 0, finals = 0; i < n; i++) {
            kit_take(f, calls[i], &seen[i]);
            finals += seen[i].finals;
        }
        usleep(1000);
    }
    assert_int_equal(finals, n);
    return longest;
}

/* Threads that have not ended would be taken for leaks, and their look-ups counted in the next test. */
static void quiet(int begun) {
    double until = kit_seconds() + 30;
    while (ended() < begun && kit_seconds() < until) usleep(10000);
    usleep(50000);
}

static void no_poll_waits(void **state) {
    kit_world w;
    llmf_factory *f;
    llmf_call c;
    kit_seen seen;
    double longest = 1, from;
    int tries;
    (void)state;
    for (tries = 0; tries < 5 && longest > 0.02; tries++) { /* the machine may have been busy */
        ask_anew();
        f = open_factory(&w);
        from = kit_seconds();
        c = begin(f, "h0");
        longest = polls(f, &c, &seen, 1);
        assert_true(kit_seconds() - from >= SLOW_MS / 1000.0);
        if (seen.code) fail_msg("%s", seen.error);
        assert_true(seen.text.len > 0);
        kit_forget(&seen);
        llmf_close(f);
    }
    printf("a look-up of %d ms: the longest llmf_poll(f, 0) took %.2f ms\n", SLOW_MS, longest * 1000);
    assert_true(longest <= 0.02);
}

/* The thread wakes a poll that waits; the answer serves all who ask at once. */
static void one_answer_for_all(void **state) {
    enum { CALLS = 20 };
    static kit_seen seen[CALLS];
    llmf_call calls[CALLS];
    kit_world w;
    llmf_factory *f = open_factory(&w);
    llmf_request req = kit_request(false);
    llmf_response r;
    int i;
    (void)state;
    ask_anew();
    llmf_generate(f, llmf_get(f, "h0", NULL), &req, &r);
    if (r.error.code) fail_msg("%s", r.error.text);
    llmf_release(f, &r);
    quiet(1);
    usleep(1100000);
    ask_anew();
    for (i = 0; i < CALLS; i++) calls[i] = begin(f, "h1");
    (void)polls(f, calls, seen, CALLS);
    for (i = 0; i < CALLS; i++) {
        if (seen[i].code) fail_msg("%s", seen[i].error);
        kit_forget(&seen[i]);
        llmf_free(f, calls[i]);
    }
    assert_int_equal(asked.begun, 1);
    llmf_close(f);
}

static void four_at_once(void **state) {
    enum { HOSTS = 10 };
    static kit_seen seen[HOSTS];
    llmf_call calls[HOSTS];
    kit_world w;
    llmf_factory *f = open_factory(&w);
    char name[16];
    int i;
    (void)state;
    ask_anew();
    for (i = 0; i < HOSTS; i++) {
        snprintf(name, sizeof name, "h%d", i);
        calls[i] = begin(f, name);
    }
    (void)polls(f, calls, seen, HOSTS);
    for (i = 0; i < HOSTS; i++) {
        if (seen[i].code) fail_msg("%s", seen[i].error);
        kit_forget(&seen[i]);
    }
    assert_int_equal(asked.begun, HOSTS);
    assert_int_equal(asked.most, LLMF_MAX_LOOKUPS);
    llmf_close(f);
}

static void an_unknown_host(void **state) {
    kit_world w;
    llmf_factory *f = open_factory(&w);
    llmf_call c = begin(f, "nowhere");
    kit_seen seen;
    (void)state;
    (void)polls(f, &c, &seen, 1);
    assert_int_equal(seen.code, LLMF_ERR_NETWORK);
    assert_true(kit_has(seen.error, "no address known"));
    kit_forget(&seen);
    llmf_close(f);
}

static void cancel_and_close_do_not_wait(void **state) {
    kit_world w;
    llmf_factory *f;
    llmf_call c, later;
    kit_seen seen;
    double from, took;
    int i, how;
    (void)state;
    for (how = 0; how < 3; how++) {
        ask_anew();
        f = open_factory(&w);
        c = begin(f, "h0");
        for (i = 0; i < 5; i++) llmf_poll(f, 1);
        from = kit_seconds();
        if (how > 0) llmf_free(f, c); /* cancels */
        took = kit_seconds() - from;
        assert_true(took < 0.2);
        if (how == 1) { /* who asks for the same host goes on with the look-up that runs */
            later = begin(f, "h0");
            (void)polls(f, &later, &seen, 1);
            if (seen.code) fail_msg("%s", seen.error);
            kit_forget(&seen);
            assert_int_equal(count(0), 1);
        }
        from = kit_seconds();
        llmf_close(f);
        took = kit_seconds() - from;
        assert_true(took < 0.2);
        quiet(1);
        assert_int_equal(ended(), 1);
    }
}

/* A timeout ends a call whose look-up hangs. */
static void a_timeout_counts(void **state) {
    kit_world w;
    llmf_desc d;
    llmf_error err;
    llmf_factory *f;
    llmf_request req = kit_request(false);
    llmf_response r;
    double from = kit_seconds();
    (void)state;
    ask_anew();
    d = kit_desc(&w);
    d.clock_ns = NULL;
    d.log = NULL;
    d.no_env = true;
    d.api_key = "sk-dns";
    d.transport = "socket";
    d.config_text = config;
    d.timeouts.connect_ms = 100;
    f = llmf_open(&d, &err);
    assert_non_null(f);
    llmf_generate(f, llmf_get(f, "h0", NULL), &req, &r);
    assert_int_equal(r.error.code, LLMF_ERR_TIMEOUT);
    assert_true(kit_has(r.error.text, "connect_ms"));
    llmf_release(f, &r);
    llmf_close(f);
    assert_true(kit_seconds() - from < 0.4);
    quiet(1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_poll_waits), cmocka_unit_test(one_answer_for_all), cmocka_unit_test(four_at_once),
        cmocka_unit_test(an_unknown_host), cmocka_unit_test(cancel_and_close_do_not_wait), cmocka_unit_test(a_timeout_counts),
    };
    size_t len;
    int i, failed;
    signal(SIGPIPE, SIG_IGN);
    if (!server_start(&lb)) {
        printf("0 passed, 0 failed, 6 skipped\n");
        return 0;
    }
    len = (size_t)snprintf(config, sizeof config, "models:\n");
    for (i = 0; i < 10; i++) len += (size_t)snprintf(config + len, sizeof config - len, "  h%d: {provider: openai, model_id: m, base_url: \"http://h%d.test:%d/v1\"}\n", i, i, lb.port);
    snprintf(config + len, sizeof config - len, "  nowhere: {provider: openai, model_id: m, base_url: \"http://nowhere.test:%d/v1\"}\n", lb.port);
    failed = cmocka_run_group_tests_name("dns", tests, NULL, NULL);
    server_stop(&lb);
    return failed;
}
