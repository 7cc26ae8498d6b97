/* The transport "curl" against a server that misbehaves on command. */
#include "../../src/net/curl.h"
#include "net_fake.h"
#include "net_server.h"

#if LLMF_HAS_CURL

static world W;
static server S;
static int broken_pipes;

static void on_sigpipe(int signal_number) {
    (void)signal_number;
    broken_pipes++;
}

static void open_world(void) {
    world_open(&W, 8 << 20);
    W.t = llmfi_curl_open(&W.net);
    assert_non_null(W.t);
}

static int setup(void **state) {
    (void)state;
    memset(&W.desc, 0, sizeof W.desc);
    open_world();
    return 0;
}

static int teardown(void **state) {
    (void)state;
    world_close(&W);
    assert_int_equal(broken_pipes, 0);
    return 0;
}

static void go(fake *f, const char *path) {
    fake_init(f, S.port, path, NULL, 0);
    fake_go(f);
}

static void expect_pattern(const fake *f, size_t n) {
    size_t i;
    assert_int_equal(f->len, n);
    for (i = 0; i < n; i++)
        if (f->body[i] != server_byte(i)) fail_msg("%s: byte %zu", f->url, i);
}

static unsigned long sum_of(const char *p, size_t n) {
    unsigned long sum = 0;
    while (n--) sum = sum * 31 + (unsigned char)*p++;
    return sum;
}

static void test_plain(void **state) {
    static const llmf_header headers[3] = {{{"Content-Type", 12}, {"application/json", 16}}, {{"Authorization", 13}, {"Bearer x", 8}}, {{"X-Empty", 7}, {"", 0}}};
    fake f;
    int i;
    (void)state;
    for (i = 0; i < 3; i++) {
        fake_init(&f, S.port, "/echo", "{\"hello\":1}", 11);
        f.x.req.headers = headers;
        f.x.req.header_count = 3;
        f.send_piece = (size_t)i;
        fake_go(&f);
        assert_int_equal(f.result, LLMF_OK);
        assert_int_equal(f.status, 200);
        assert_int_equal(f.connected, 1);
        assert_string_equal(f.body, "{\"hello\":1}");
        assert_non_null(strstr(f.headers, "X-Request-Id: r-1\n"));
        fake_free(&f);
    }
    go(&f, "/empty");
    assert_int_equal(f.status, 204);
    assert_int_equal(f.result, LLMF_OK);
    go(&f, "/redirect");
    assert_int_equal(f.status, 307);
    assert_string_equal(f.body, "moved");
    fake_free(&f);
    go(&f, "/interim");
    assert_int_equal(f.status, 200);
    assert_string_equal(f.body, "final");
    fake_free(&f);
    go(&f, "/gzip");
    assert_int_equal(f.result, LLMF_ERR_PROTOCOL);
    fake_free(&f);
    go(&f, "/garbage");
    assert_int_equal(f.result, LLMF_ERR_PROTOCOL);
    fake_free(&f);
}

static void test_methods(void **state) {
    static const char *const methods[] = {"POST", "GET", "HEAD", "DELETE", "GET", "PUT", "POST", "HEAD", "POST", "PUT", "GET"};
    size_t i;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(methods); i++) {
        fake f;
        bool body = !strcmp(methods[i], "POST") || !strcmp(methods[i], "PUT");
        fake_init(&f, S.port, "/echo", body ? "the body" : NULL, body ? 8 : 0);
        f.x.req.method = llmfi_cstr(methods[i]);
        fake_go(&f);
        assert_int_equal(f.result, LLMF_OK);
        if (strcmp(f.body ? f.body : "", body ? "the body" : "")) fail_msg("%zu %s: %s", i, methods[i], f.body ? f.body : "nothing");
        fake_free(&f);
    }
}

static void test_requests_of_all_sizes(void **state) {
    static char big[1 << 20];
    static const size_t sizes[] = {1, 999, 1001, 16383, 16384, 16385, 70000, 1 << 20, 10, 1 << 20, 0, 16384};
    char want[100];
    size_t i;
    (void)state;
    for (i = 0; i < sizeof big; i++) big[i] = (char)(i * 7 + i / 251);
    for (i = 0; i < LLMFI_COUNT(sizes); i++) {
        fake f;
        fake_init(&f, S.port, i % 3 ? "/sum" : "/slow-read", big, sizes[i]);
        f.send_piece = i % 2 ? 1000 : 0;
        fake_go(&f);
        snprintf(want, sizeof want, "%zu bytes, sum %lu", sizes[i], sum_of(big, sizes[i]));
        assert_int_equal(f.result, LLMF_OK);
        assert_string_equal(f.body, want);
        fake_free(&f);
    }
}

static void test_take_and_resume(void **state) {
    static const char *const paths[] = {"/length/60", "/chunked/60/7", "/eof/60"};
    size_t i, take;
    fake f;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(paths); i++)
        for (take = 1; take <= 60; take++) {
            fake_init(&f, S.port, paths[i], NULL, 0);
            f.take = take;
            fake_go(&f);
            assert_int_equal(f.result, LLMF_OK);
            expect_pattern(&f, 60);
            fake_free(&f);
        }
    for (take = 700; take < 100000; take *= 3) {
        fake_init(&f, S.port, take % 2 ? "/length/500000" : "/chunked/500000/3000", NULL, 0);
        f.take = take;
        fake_go(&f);
        assert_int_equal(f.result, LLMF_OK);
        expect_pattern(&f, 500000);
        fake_free(&f);
    }
}

static void test_held(void **state) {
    fake f;
    int i;
    uint64_t took = 0;
    (void)state;
    fake_init(&f, S.port, "/length/3000000", NULL, 0);
    f.take = 10;
    assert_int_equal(fake_start(&f), LLMF_OK);
    for (i = 0; i < 200 && !f.held; i++) world_poll(&W, 50);
    assert_true(f.held);
    for (i = 0; i < 10; i++) world_poll(&W, 20);
    for (i = 0; i < 3 && took < 50000000u; i++) { /* a timer of libcurl's may be left over */
        uint64_t before = fake_now(NULL);
        world_poll(&W, 60);
        took = fake_now(NULL) - before;
    }
    assert_true(took > 50000000u);
    assert_int_equal(f.len, 10);
    f.take = 0;
    fake_run((fake *const[]){&f}, 1);
    expect_pattern(&f, 3000000);
    fake_free(&f);
}

static void test_early_reply(void **state) {
    static char big[4 << 20];
    fake f;
    (void)state;
    fake_init(&f, S.port, "/early-close", big, sizeof big);
    fake_go(&f);
    assert_int_equal(f.status, 413);
    assert_string_equal(f.body, "too much");
    fake_free(&f);
}

static void test_keep_alive(void **state) {
    fake f;
    int i;
    (void)state;
    for (i = 0; i < 5; i++) {
        char want[64];
        go(&f, "/");
        snprintf(want, sizeof want, "request %d of", i + 1);
        assert_non_null(strstr(f.body, want));
        fake_free(&f);
    }
    fake_init(&f, S.port, "/drop-kept", "again", 5);
    fake_go(&f);
    assert_int_equal(f.result, LLMF_OK);
    assert_non_null(strstr(f.body, "request 1 of"));
    fake_free(&f);
    {
        static char big[100000];
        fake_init(&f, S.port, "/drop-kept", big, sizeof big); /* one that must be rewound */
        fake_go(&f);
        assert_int_equal(f.result, LLMF_OK);
        fake_free(&f);
    }
}

static void test_kept_none(void **state) {
    fake f;
    int i;
    (void)state;
    world_close(&W);
    memset(&W.desc, 0, sizeof W.desc);
    W.desc.max_idle = -1;
    open_world();
    for (i = 0; i < 3; i++) {
        go(&f, "/");
        assert_non_null(strstr(f.body, "request 1 of"));
        fake_free(&f);
    }
    assert_int_equal(W.watch.count, 0);
}

static void test_many_at_once(void **state) {
    enum { MANY = 200 };
    static fake f[MANY];
    static fake *all[MANY];
    static char body[MANY][32];
    size_t i, round;
    (void)state;
    world_close(&W);
    memset(&W.desc, 0, sizeof W.desc);
    W.desc.max_connections = MANY;
    W.desc.max_idle = MANY;
    open_world();
    for (round = 0; round < 2; round++) {
        for (i = 0; i < MANY; i++) {
            snprintf(body[i], sizeof body[i], "body %zu of %zu", i, round);
            fake_init(&f[i], S.port, "/echo", body[i], strlen(body[i]));
            all[i] = &f[i];
            assert_int_equal(fake_start(&f[i]), LLMF_OK);
        }
        fake_run(all, MANY);
        for (i = 0; i < MANY; i++) {
            assert_int_equal(f[i].result, LLMF_OK);
            assert_string_equal(f[i].body, body[i]);
            fake_free(&f[i]);
        }
    }
}

/* More exchanges than connections, idle ones beyond the limit closed, and cancels among those that wait. */
static void test_queue(void **state) {
    enum { MANY = 40 };
    static fake f[MANY];
    static fake *all[MANY];
    size_t i;
    (void)state;
    world_close(&W);
    memset(&W.desc, 0, sizeof W.desc);
    W.desc.max_connections = 3;
    W.desc.max_idle = 1;
    open_world();
    for (i = 0; i < MANY; i++) {
        fake_init(&f[i], S.port, i % 2 ? "/slow-chunks" : "/echo", NULL, 0);
        f[i].x.req.connect_timeout_ms = 100;
        all[i] = &f[i];
        assert_int_equal(fake_start(&f[i]), LLMF_OK);
    }
    fake_cancel(&f[20]);
    world_poll(&W, 0);
    fake_cancel(&f[30]);
    fake_run(all, MANY);
    assert_true(W.watch.count <= 3);
    for (i = 0; i < MANY; i++) {
        if (!f[i].cancelled && f[i].result) fail_msg("%zu: %s", i, f[i].text);
        fake_free(&f[i]);
    }
}

static void test_chained(void **state) {
    static fake f[10];
    static fake *all[10];
    size_t i;
    (void)state;
    for (i = 0; i < 10; i++) {
        fake_init(&f[i], S.port, i % 2 ? "/chunked/50/9" : "/", NULL, 0);
        f[i].then = i < 9 ? &f[i + 1] : NULL;
        f[i].take = i % 4;
        all[i] = &f[i];
    }
    assert_int_equal(fake_start(&f[0]), LLMF_OK);
    fake_run(all, 10);
    assert_non_null(strstr(f[8].body, "request 9 of"));
    for (i = 0; i < 10; i++) fake_free(&f[i]);
}

static void test_cuts(void **state) {
    enum { HEAD = 40, WHOLE = HEAD + 100 };
    char path[32];
    size_t n;
    fake f;
    (void)state;
    for (n = 0; n < WHOLE; n += n < HEAD + 3 ? 1 : 9) {
        snprintf(path, sizeof path, "/cut/%zu", n);
        go(&f, path);
        if (f.result != (n > HEAD - 1 || f.status ? LLMF_ERR_TRUNCATED : LLMF_ERR_NETWORK) && f.result != LLMF_ERR_PROTOCOL) fail_msg("%zu: %d %s", n, f.result, f.text);
        assert_non_null(strstr(f.text, "127.0.0.1"));
        if (n > HEAD) expect_pattern(&f, n - HEAD);
        fake_free(&f);
    }
    go(&f, "/reset/100");
    assert_int_equal(f.result, LLMF_ERR_TRUNCATED);
    fake_free(&f);
    go(&f, "/eof-reset/50");
    assert_int_equal(f.result, LLMF_ERR_TRUNCATED);
    fake_free(&f);
    go(&f, "/none");
    assert_int_equal(f.result, LLMF_ERR_NETWORK);
    /* held while the connection breaks: first what came, then the error */
    fake_init(&f, S.port, "/cut/100", NULL, 0);
    f.take = 7;
    fake_go(&f);
    assert_int_equal(f.result, LLMF_ERR_TRUNCATED);
    expect_pattern(&f, 100 - HEAD);
    fake_free(&f);
}

static void test_refused(void **state) {
    fake f;
    int port, fd = server_listen(&port, 1);
    (void)state;
    close(fd);
    fake_init(&f, port, "/", NULL, 0);
    fake_go(&f);
    assert_int_equal(f.result, LLMF_ERR_NETWORK);
    assert_int_equal(f.connected, 0);
    assert_non_null(strstr(f.text, "127.0.0.1"));
    fake_init(&f, port, "/", NULL, 0);
    f.x.req.url = LLMFI_LIT("http://no-such-host.invalid/");
    fake_go(&f);
    assert_int_equal(f.result, LLMF_ERR_NETWORK);
    assert_non_null(strstr(f.text, "no address"));
}

static void test_connect_timeout(void **state) {
    fake f;
    int port, fd = server_listen(&port, 0), fill[4], i;
    struct sockaddr_in a;
    (void)state;
    memset(&a, 0, sizeof a);
    a.sin_family = AF_INET;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    a.sin_port = htons((uint16_t)port);
    for (i = 0; i < 4; i++) {
        fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(fill[i], (struct sockaddr *)&a, sizeof a);
    }
    usleep(20000);
    for (i = 0; i < 2; i++) {
        fake_init(&f, port, "/", NULL, 0);
        if (i) f.x.deadline_ns = fake_now(NULL) + 80000000u;
        else f.x.req.connect_timeout_ms = 80;
        fake_go(&f);
        assert_int_equal(f.result, LLMF_ERR_TIMEOUT);
        assert_non_null(strstr(f.text, "connect"));
    }
    fake_init(&f, port, "/", NULL, 0);
    assert_int_equal(fake_start(&f), LLMF_OK);
    for (i = 0; i < 5; i++) world_poll(&W, 1);
    fake_cancel(&f);
    for (i = 0; i < 4; i++) close(fill[i]);
    close(fd);
}

static void test_refusals_at_start(void **state) {
    static const llmf_header bad[] = {{{"X", 1}, {"a\r\nEvil: 1", 10}}, {{"X y", 3}, {"a", 1}}, {{"Host", 4}, {"a", 1}}, {{"content-length", 14}, {"9", 1}}};
    size_t i;
    fake f;
    (void)state;
    fake_init(&f, 1, "/", NULL, 0);
    f.x.req.url = LLMFI_LIT("ftp://127.0.0.1/");
    assert_int_equal(fake_start(&f), LLMF_ERR_ARGUMENT);
    f.x.req.url = LLMFI_LIT("file:///etc/passwd");
    assert_int_equal(fake_start(&f), LLMF_ERR_ARGUMENT);
    f.x.req.url = LLMFI_LIT("http://user@127.0.0.1/");
    assert_int_equal(fake_start(&f), LLMF_ERR_ARGUMENT);
    for (i = 0; i < LLMFI_COUNT(bad); i++) {
        fake_init(&f, S.port, "/", NULL, 0);
        f.x.req.headers = &bad[i];
        f.x.req.header_count = 1;
        assert_int_equal(fake_start(&f), LLMF_ERR_ARGUMENT);
        assert_non_null(W.t->why);
    }
}

static void test_tls_errors(void **state) {
    fake f;
    int i;
    (void)state;
    for (i = 0; i < 2; i++) {
        world_close(&W);
        memset(&W.desc, 0, sizeof W.desc);
        W.desc.ca_file = i ? "/nonexistent/roots.pem" : NULL;
        open_world();
        fake_init(&f, S.port, "/", NULL, 0);
        snprintf(f.url, sizeof f.url, "https://127.0.0.1:%d/", S.port);
        f.x.req.url = llmfi_cstr(f.url);
        assert_int_equal(fake_start(&f), LLMF_OK);
        if (i) fake_run((fake *const[]){&f}, 1);
        else {
            int n;
            for (n = 0; n < 10; n++) world_poll(&W, 10); /* the server waits for the end of a head */
            fake_cancel(&f);
        }
        if (i) assert_int_equal(f.result, LLMF_ERR_TLS);
        if (i) assert_non_null(strstr(f.text, "ca_file"));
    }
}

static void test_limits(void **state) {
    fake f;
    (void)state;
    W.desc.max_response = 1000;
    go(&f, "/length/1000");
    assert_int_equal(f.result, LLMF_OK);
    fake_free(&f);
    go(&f, "/length/1001");
    assert_int_equal(f.result, LLMF_ERR_LIMIT);
    assert_true(f.len <= 1000);
    fake_free(&f);
    go(&f, "/eof/100000");
    assert_int_equal(f.result, LLMF_ERR_LIMIT);
    fake_free(&f);
}

static void test_cancel_in_callbacks(void **state) {
    static const char *const paths[] = {"/length/40", "/chunked/40/3", "/eof/40"};
    size_t i;
    int at;
    fake f;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(paths); i++)
        for (at = 1; at < 40; at++) {
            fake_init(&f, S.port, paths[i], "x", 1);
            f.cancel_at = at;
            f.take = 3;
            fake_go(&f);
            fake_free(&f);
            if (!f.cancelled) break;
            world_poll(&W, 0);
            assert_int_equal(((llmfi_curl *)(void *)W.t)->used_count, 0);
        }
    go(&f, "/echo");
    assert_int_equal(f.result, LLMF_OK);
    fake_free(&f);
}

static void test_cancel_between_polls(void **state) {
    static char big[300000];
    int n, i;
    (void)state;
    for (n = 0; n < 16; n++) {
        fake f;
        fake_init(&f, S.port, n % 2 ? "/slow-read" : "/slow-chunks", big, n % 4 < 2 ? sizeof big : 10);
        f.take = (size_t)n % 3;
        assert_int_equal(fake_start(&f), LLMF_OK);
        for (i = 0; i < n; i++) {
            world_poll(&W, 5);
            if (n % 4 == 1) fake_resume(&f);
        }
        if (!fake_over(&f)) fake_cancel(&f);
        fake_free(&f);
    }
}

/* Each request to the heap refused in turn. */
static void test_no_memory(void **state) {
    uint64_t n;
    int succeeded = 0;
    (void)state;
    for (n = 1; n < 40 && succeeded < 3; n++) {
        fake f;
        world_close(&W);
        memset(&W.desc, 0, sizeof W.desc);
        open_world();
        fake_init(&f, S.port, "/chunked/5000/100", "small", 5);
        f.take = 100;
        W.heap.fail_at = W.heap.requests + n;
        fake_go(&f);
        assert_true(f.result == LLMF_OK || f.result == LLMF_ERR_MEMORY || f.result == LLMF_ERR_NETWORK);
        succeeded += f.result == LLMF_OK;
        fake_free(&f);
    }
    assert_true(n > 4);
    for (n = 1; n <= 2; n++) {
        W.heap.fail_at = W.heap.requests + n;
        assert_null(llmfi_curl_open(&W.net));
    }
}

/* The connection is given up while its calls are under way. */
static void test_close_under_way(void **state) {
    static fake f[5];
    size_t i;
    (void)state;
    for (i = 0; i < 5; i++) {
        fake_init(&f[i], S.port, "/slow-chunks", NULL, 0);
        f[i].take = i;
        assert_int_equal(fake_start(&f[i]), LLMF_OK);
    }
    for (i = 0; i < 6; i++) world_poll(&W, 5);
    for (i = 0; i < 5; i++) fake_free(&f[i]);
    for (i = 0; i < 2; i++) fake_cancel(&f[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_plain, setup, teardown),
        cmocka_unit_test_setup_teardown(test_methods, setup, teardown),
        cmocka_unit_test_setup_teardown(test_requests_of_all_sizes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_take_and_resume, setup, teardown),
        cmocka_unit_test_setup_teardown(test_held, setup, teardown),
        cmocka_unit_test_setup_teardown(test_early_reply, setup, teardown),
        cmocka_unit_test_setup_teardown(test_keep_alive, setup, teardown),
        cmocka_unit_test_setup_teardown(test_kept_none, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_queue, setup, teardown),
        cmocka_unit_test_setup_teardown(test_chained, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cuts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_connect_timeout, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refusals_at_start, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tls_errors, setup, teardown),
        cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cancel_in_callbacks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cancel_between_polls, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(test_close_under_way, setup, teardown),
    };
    int failed;
    server_start(&S);
    signal(SIGPIPE, on_sigpipe);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    server_stop(&S);
    return failed;
}

#else
int main(void) {
    return 0;
}
#endif
