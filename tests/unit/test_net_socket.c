/* Our HTTP over plain sockets against a server that misbehaves on command. */
#include "../../src/net/socket.h"
#include "../../src/net/custom.h"
#include "net_fake.h"
#include "net_server.h"
#include <sys/resource.h>

#if LLMF_HAS_SOCKET

static world W;
static server S;
static int broken_pipes;

static void on_sigpipe(int signal_number) {
    (void)signal_number;
    broken_pipes++;
}

static void open_world(void) {
    world_open(&W, 4 << 20);
    W.t = llmfi_socket_open(&W.net);
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

static llmfi_http *client(void) {
    return (llmfi_http *)(void *)W.t;
}

static void go(fake *f, const char *path) {
    fake_init(f, S.port, path, NULL, 0);
    fake_go(f);
}

static void expect(const char *path, const char *body) {
    fake f;
    go(&f, path);
    assert_int_equal(f.result, LLMF_OK);
    if (strcmp(f.body ? f.body : "", body)) fail_msg("%s: %s", path, f.body ? f.body : "");
    fake_free(&f);
}

/* f got the first n bytes of the server's pattern. */
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

/* ---- the plain way ---- */

static void test_plain(void **state) {
    static const llmf_header headers[2] = {{{"Content-Type", 12}, {"application/json", 16}}, {{"Authorization", 13}, {"Bearer x", 8}}};
    fake f;
    (void)state;
    fake_init(&f, S.port, "/echo", "{\"hello\":1}", 11);
    f.x.req.headers = headers;
    f.x.req.header_count = 2;
    fake_go(&f);
    assert_int_equal(f.result, LLMF_OK);
    assert_int_equal(f.status, 200);
    assert_int_equal(f.connected, 1);
    assert_string_equal(f.body, "{\"hello\":1}");
    assert_non_null(strstr(f.headers, "X-Request-Id: r-1\n"));
    fake_free(&f);
    go(&f, "/empty");
    assert_int_equal(f.status, 204);
    assert_int_equal(f.result, LLMF_OK);
    go(&f, "/redirect");
    assert_int_equal(f.status, 307);
    assert_string_equal(f.body, "moved");
    fake_free(&f);
    expect("/interim", "final");
    go(&f, "/gzip");
    assert_int_equal(f.result, LLMF_ERR_PROTOCOL);
    fake_free(&f);
    go(&f, "/garbage");
    if (f.result != LLMF_ERR_PROTOCOL) fail_msg("%s", f.text);
    assert_int_equal(f.result, LLMF_ERR_PROTOCOL);
    fake_init(&f, S.port, "?x=1", NULL, 0);
    fake_go(&f);
    assert_int_equal(f.result, LLMF_OK);
    fake_free(&f);
}

static void test_bodies(void **state) {
    static const char *const paths[] = {"/length/100000", "/chunked/100000/1000", "/chunked/100000/77", "/eof/100000"};
    size_t i, take;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(paths); i++)
        for (take = 0; take < 20000; take = take * 4 + 900) {
            fake f;
            fake_init(&f, S.port, paths[i], NULL, 0);
            f.take = take;
            fake_go(&f);
            assert_int_equal(f.result, LLMF_OK);
            expect_pattern(&f, 100000);
            fake_free(&f);
        }
}

/* Portions of every size, also with chunks in between: always the same bytes. */
static void test_take_and_resume(void **state) {
    static const char *const paths[] = {"/length/60", "/chunked/60/7", "/chunked/60/1", "/eof/60"};
    size_t i, take;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(paths); i++)
        for (take = 1; take <= 60; take++) {
            fake f;
            fake_init(&f, S.port, paths[i], NULL, 0);
            f.take = take;
            fake_go(&f);
            assert_int_equal(f.result, LLMF_OK);
            expect_pattern(&f, 60);
            fake_free(&f);
        }
}

/* A call that wants no more for a while: nothing is read, nothing spins. */
static void test_held(void **state) {
    fake f;
    uint64_t before;
    int i;
    (void)state;
    fake_init(&f, S.port, "/length/1000000", NULL, 0);
    f.take = 10;
    assert_int_equal(fake_start(&f), LLMF_OK);
    for (i = 0; i < 200 && !f.held; i++) world_poll(&W, 50);
    assert_true(f.held);
    for (i = 0; i < 3; i++) world_poll(&W, 0);
    usleep(20000);
    world_poll(&W, 0);
    before = fake_now(NULL);
    assert_int_equal(W.t->wait_ms(W.t), -1);
    (void)llmfi_watch_wait(&W.watch, 60, NULL, NULL);
    assert_true(fake_now(NULL) - before > 50000000u);
    assert_int_equal(f.len, 10);
    f.take = 0;
    fake_run((fake *const[]){&f}, 1);
    expect_pattern(&f, 1000000);
    fake_free(&f);
}

static void test_large_request(void **state) {
    static char big[1 << 20];
    static const char *const paths[] = {"/sum", "/slow-read"};
    char want[100];
    size_t i;
    (void)state;
    for (i = 0; i < sizeof big; i++) big[i] = (char)(i * 7 + i / 251);
    snprintf(want, sizeof want, "%zu bytes, sum %lu", sizeof big, sum_of(big, sizeof big));
    for (i = 0; i < 4; i++) {
        fake f;
        fake_init(&f, S.port, paths[i / 2], big, sizeof big);
        f.send_piece = i % 2 ? 1000 : 0;
        fake_go(&f);
        assert_int_equal(f.result, LLMF_OK);
        assert_string_equal(f.body, want);
        assert_int_equal(f.rewinds, 0);
        fake_free(&f);
    }
    assert_int_equal(client()->list[LLMFI_CONN_IDLE].count, 1);
}

/* An answer that comes while the body is still being sent. */
static void test_early_reply(void **state) {
    static char big[4 << 20];
    static const char *const paths[] = {"/early", "/early-close"};
    size_t i;
    (void)state;
    for (i = 0; i < 2; i++) {
        fake f;
        fake_init(&f, S.port, paths[i], big, sizeof big);
        fake_go(&f);
        assert_int_equal(f.result, LLMF_OK);
        assert_int_equal(f.status, 413);
        assert_string_equal(f.body, "too much");
        assert_true(f.sent < sizeof big);
        fake_free(&f);
    }
    assert_int_equal(client()->count, 0);
}

static void test_long_head(void **state) {
    static char value[30000];
    llmf_header header = {{"X-Long", 6}, {value, sizeof value}};
    fake f;
    (void)state;
    memset(value, 'v', sizeof value);
    fake_init(&f, S.port, "/echo", "body", 4);
    f.x.req.headers = &header;
    f.x.req.header_count = 1;
    fake_go(&f);
    assert_int_equal(f.result, LLMF_OK);
    assert_string_equal(f.body, "body");
    fake_free(&f);
}

/* ---- connections ---- */

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
    assert_int_equal(client()->count, 1);
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
    assert_int_equal(client()->count, 0);
}

/* A kept connection that the server closes: seen at once, or only when it is used again. */
static void test_dead_kept(void **state) {
    static const char *const paths[] = {"/drop-kept", "/reset-kept"};
    size_t i;
    fake f;
    (void)state;
    for (i = 0; i < 2; i++) {
        expect("/echo", "");
        fake_init(&f, S.port, paths[i], "again", 5);
        fake_go(&f);
        assert_int_equal(f.result, LLMF_OK);
        assert_int_equal(f.rewinds, 1);
        assert_non_null(strstr(f.body, "request 1 of"));
        fake_free(&f);
    }
}

static void test_closed_while_idle(void **state) {
    fake f;
    int i;
    (void)state;
    go(&f, "/close-quietly");
    assert_int_equal(f.result, LLMF_OK);
    fake_free(&f);
    for (i = 0; i < 50 && client()->count; i++) world_poll(&W, 20);
    assert_int_equal(client()->count, 0);
    go(&f, "/close-quietly");
    fake_free(&f);
    usleep(50000);
    W.clock_shift += 5000000000u; /* kept for long: it is looked at first */
    go(&f, "/echo");
    assert_int_equal(f.result, LLMF_OK);
    assert_int_equal(f.rewinds, 0);
    fake_free(&f);
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
        assert_int_equal(client()->count, MANY);
        for (i = 0; i < MANY; i++) {
            assert_int_equal(f[i].result, LLMF_OK);
            assert_string_equal(f[i].body, body[i]);
            fake_free(&f[i]);
        }
    }
}

/* More exchanges than connections: they wait their turn, and their time to connect begins with it. */
static void test_queue(void **state) {
    enum { MANY = 40 };
    static fake f[MANY];
    static fake *all[MANY];
    size_t i, most = 0;
    (void)state;
    world_close(&W);
    memset(&W.desc, 0, sizeof W.desc);
    W.desc.max_connections = 3;
    open_world();
    for (i = 0; i < MANY; i++) {
        fake_init(&f[i], S.port, i % 2 ? "/slow-chunks" : "/echo", NULL, 0);
        if (i % 5 == 0) snprintf(f[i].url, sizeof f[i].url, "http://localhost:%d/echo", S.port);
        f[i].x.req.url = llmfi_cstr(f[i].url);
        f[i].x.deadline_ns = fake_now(NULL) + 50000000u;
        f[i].x.req.connect_timeout_ms = 2000;
        all[i] = &f[i];
        assert_int_equal(fake_start(&f[i]), LLMF_OK);
        if (client()->count > most) most = client()->count;
    }
    fake_cancel(&f[20]);
    fake_run(all, MANY);
    assert_int_equal(most, 3);
    assert_true(client()->count <= 3);
    for (i = 0; i < MANY; i++) {
        if (i == 20) continue;
        if (f[i].result) fail_msg("%zu: %s", i, f[i].text);
        fake_free(&f[i]);
    }
    assert_null(client()->first);
}

static void test_idle_limit(void **state) {
    static fake f[20];
    static fake *all[20];
    size_t i;
    (void)state;
    for (i = 0; i < 20; i++) {
        fake_init(&f[i], S.port, "/echo", NULL, 0);
        all[i] = &f[i];
        assert_int_equal(fake_start(&f[i]), LLMF_OK);
    }
    fake_run(all, 20);
    world_poll(&W, 0);
    assert_int_equal(client()->count, 10);
    for (i = 0; i < 20; i++) fake_free(&f[i]);
}

/* Each end starts the next one, at times in the memory of the last. */
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

/* ---- what goes wrong ---- */

static void test_cuts(void **state) {
    enum { HEAD = 40, WHOLE = HEAD + 100 };
    char path[32];
    size_t n;
    (void)state;
    for (n = 0; n < WHOLE; n++) {
        fake f;
        snprintf(path, sizeof path, "/cut/%zu", n);
        go(&f, path);
        assert_int_equal(f.result, n ? LLMF_ERR_TRUNCATED : LLMF_ERR_NETWORK);
        assert_non_null(strstr(f.text, "127.0.0.1"));
        if (n > HEAD) expect_pattern(&f, n - HEAD);
        fake_free(&f);
    }
    for (n = 0; n < WHOLE; n += 13) {
        fake f;
        snprintf(path, sizeof path, "/reset/%zu", n);
        go(&f, path);
        assert_int_equal(f.result, n ? LLMF_ERR_TRUNCATED : LLMF_ERR_NETWORK);
        assert_non_null(strstr(f.text, "reset"));
        fake_free(&f);
    }
    {
        fake f;
        go(&f, "/eof-reset/50");
        assert_int_equal(f.result, LLMF_ERR_TRUNCATED);
        fake_free(&f);
        go(&f, "/none");
        assert_int_equal(f.result, LLMF_ERR_NETWORK);
    }
}

static void test_refused(void **state) {
    fake f;
    int port, fd = server_listen(&port, 1);
    (void)state;
    close(fd);
    fake_init(&f, port, "/", NULL, 0);
    fake_go(&f);
    assert_int_equal(f.result, LLMF_ERR_NETWORK);
    assert_non_null(strstr(f.text, "refused"));
    assert_int_equal(f.connected, 0);
    fake_init(&f, port, "/", NULL, 0);
    snprintf(f.url, sizeof f.url, "http://localhost:%d/", port);
    f.x.req.url = llmfi_cstr(f.url);
    fake_go(&f);
    assert_int_equal(f.result, LLMF_ERR_NETWORK);
}

/* A listener whose queue is full does not answer. */
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
    fake_init(&f, port, "/", NULL, 0);
    f.x.deadline_ns = fake_now(NULL) + 80000000u;
    fake_go(&f);
    assert_int_equal(f.result, LLMF_ERR_TIMEOUT);
    assert_non_null(strstr(f.text, "connect"));
    fake_init(&f, port, "/", NULL, 0);
    assert_int_equal(fake_start(&f), LLMF_OK);
    for (i = 0; i < 5; i++) world_poll(&W, 1);
    fake_cancel(&f); /* while connecting */
    for (i = 0; i < 4; i++) close(fill[i]);
    close(fd);
}

static void test_no_descriptors(void **state) {
    struct rlimit before, none;
    fake f;
    int next = dup(0);
    (void)state;
    close(next);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = (rlim_t)next;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    go(&f, "/");
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(f.result, LLMF_ERR_NETWORK);
    assert_non_null(strstr(f.text, "no descriptors"));
}

static char hook_answers[8][64];
static int hook_count, hook_waits, hook_asked;

static int hook(void *user, const char *host, char (*out)[64], int cap) {
    (void)user;
    assert_string_equal(host, "model.test");
    assert_true(cap >= hook_count);
    hook_asked++;
    if (hook_waits-- > 0) return -1;
    memcpy(out, hook_answers, sizeof hook_answers[0] * (size_t)(hook_count > 0 ? hook_count : 0));
    return hook_count;
}

static void by_name(fake *f, int port) {
    fake_init(f, port, "/", NULL, 0);
    snprintf(f->url, sizeof f->url, "http://model.test:%d/echo", port);
    f->x.req.url = llmfi_cstr(f->url);
}

static void test_resolver(void **state) {
    fake f;
    (void)state;
    W.desc.resolve = hook;
    hook_waits = 3;
    hook_asked = 0;
    strcpy(hook_answers[0], "not an address");
    strcpy(hook_answers[1], "127.0.0.2"); /* nothing listens there */
    strcpy(hook_answers[2], "::1");
    strcpy(hook_answers[3], "127.0.0.1");
    hook_count = 4;
    by_name(&f, S.port);
    fake_go(&f);
    assert_int_equal(f.result, LLMF_OK);
    assert_int_equal(hook_asked, 4);
    fake_free(&f);
    hook_count = 0;
    W.clock_shift += 1;
    by_name(&f, S.port + 1);
    fake_go(&f);
    assert_int_equal(f.result, LLMF_ERR_NETWORK);
    assert_non_null(strstr(f.text, "no address"));
    hook_waits = 1000000;
    by_name(&f, S.port + 1);
    f.x.deadline_ns = fake_now(NULL) + 60000000u;
    fake_go(&f);
    assert_int_equal(f.result, LLMF_ERR_TIMEOUT);
    hook_waits = 0;
    fake_init(&f, S.port, "/", NULL, 0); /* literals and localhost do not ask */
    snprintf(f.url, sizeof f.url, "http://localhost:%d/echo", S.port);
    f.x.req.url = llmfi_cstr(f.url);
    hook_asked = 0;
    fake_go(&f);
    assert_int_equal(f.result, LLMF_OK);
    assert_int_equal(hook_asked, 0);
    fake_free(&f);
}

/* An address that does not answer holds up the next one for a quarter of a second only. */
static void test_next_address(void **state) {
    fake f;
    int port = S.port, full, fill[4], i, one = 1;
    struct sockaddr_in a;
    uint64_t before = fake_now(NULL), took;
    (void)state;
    memset(&a, 0, sizeof a);
    a.sin_family = AF_INET;
    a.sin_addr.s_addr = htonl(0x7F000003);
    a.sin_port = htons((uint16_t)port);
    full = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(full, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    assert_int_equal(bind(full, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(full, 0), 0);
    for (i = 0; i < 4; i++) {
        fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(fill[i], (struct sockaddr *)&a, sizeof a);
    }
    usleep(20000);
    W.desc.resolve = hook;
    hook_waits = 0;
    strcpy(hook_answers[0], "127.0.0.3");
    strcpy(hook_answers[1], "127.0.0.1");
    hook_count = 2;
    by_name(&f, port);
    fake_go(&f);
    took = fake_now(NULL) - before;
    assert_int_equal(f.result, LLMF_OK);
    assert_true(took > 240000000u && took < 900000000u);
    fake_free(&f);
    for (i = 0; i < 4; i++) close(fill[i]);
    close(full);
}

static void test_refusals_at_start(void **state) {
    static const llmf_header bad = {{"X", 1}, {"a\r\nEvil: 1", 10}};
    fake f;
    (void)state;
    fake_init(&f, 1, "/", NULL, 0);
    f.x.req.url = LLMFI_LIT("https://127.0.0.1/");
    assert_int_equal(fake_start(&f), LLMF_ERR_NOT_BUILT);
    assert_non_null(strstr(W.t->why, "curl"));
    f.x.req.url = LLMFI_LIT("ftp://127.0.0.1/");
    assert_int_equal(fake_start(&f), LLMF_ERR_ARGUMENT);
    f.x.req.url = LLMFI_LIT("http://user@127.0.0.1/");
    assert_int_equal(fake_start(&f), LLMF_ERR_ARGUMENT);
    fake_init(&f, S.port, "/", NULL, 0);
    f.x.req.headers = &bad;
    f.x.req.header_count = 1;
    fake_go(&f);
    assert_int_equal(f.result, LLMF_ERR_ARGUMENT);
    assert_int_equal(f.sent, 0);
}

static void test_short_body(void **state) {
    fake f;
    (void)state;
    fake_init(&f, S.port, "/echo", "12345", 5);
    f.sent = 5; /* nothing left to read */
    fake_go(&f);
    assert_int_equal(f.result, LLMF_ERR_ARGUMENT);
}

/* ---- cancelling ---- */

static void test_cancel_in_callbacks(void **state) {
    static const char *const paths[] = {"/length/40", "/chunked/40/3", "/eof/40"};
    size_t i;
    int at;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(paths); i++)
        for (at = 1; at < 40; at++) {
            fake f;
            fake_init(&f, S.port, paths[i], "x", 1);
            f.cancel_at = at;
            f.take = 3;
            fake_go(&f);
            fake_free(&f);
            if (!f.cancelled) break;
            assert_int_equal(client()->count, 0);
        }
    expect("/echo", "");
}

/* After each number of polls, whatever state it is in then. */
static void test_cancel_between_polls(void **state) {
    static char big[300000];
    int n, i;
    (void)state;
    for (n = 0; n < 12; n++) {
        fake f;
        fake_init(&f, S.port, n % 2 ? "/slow-read" : "/slow-chunks", big, sizeof big);
        f.take = (size_t)n % 3;
        assert_int_equal(fake_start(&f), LLMF_OK);
        for (i = 0; i < n; i++) {
            world_poll(&W, 5);
            if (n % 4 == 1) fake_resume(&f);
        }
        if (!fake_over(&f)) fake_cancel(&f);
        fake_free(&f);
    }
    world_poll(&W, 0);
}

/* One call's callback cancels all the others, in whatever state they are. */
static fake *victims[8];
static size_t victim_count;

static void cancel_victims(void) {
    size_t i;
    for (i = 0; i < victim_count; i++)
        if (!fake_over(victims[i])) fake_cancel(victims[i]);
}

static void test_cancel_others(void **state) {
    static fake f[8];
    size_t i;
    int rounds;
    (void)state;
    for (rounds = 0; rounds < 6; rounds++) {
        victim_count = 0;
        for (i = 0; i < 8; i++) {
            fake_init(&f[i], S.port, i % 2 ? "/slow-chunks" : "/length/100000", NULL, 0);
            f[i].take = i % 3 ? 0 : 1;
            assert_int_equal(fake_start(&f[i]), LLMF_OK);
            victims[victim_count++] = &f[i];
        }
        for (i = 0; i < (size_t)rounds; i++) world_poll(&W, 3);
        cancel_victims();
        for (i = 0; i < 8; i++) fake_free(&f[i]);
    }
}

/* ---- memory ---- */

/* Each request to the heap refused in turn: an error that names the option, and nothing is left behind. */
static void test_no_memory(void **state) {
    static char big[300000];
    uint64_t n;
    int succeeded = 0;
    (void)state;
    for (n = 1; n < 60 && succeeded < 3; n++) {
        fake f;
        int got;
        world_close(&W);
        memset(&W.desc, 0, sizeof W.desc);
        open_world();
        fake_init(&f, S.port, n % 2 ? "/slow-read" : "/chunked/5000/100", big, sizeof big);
        f.take = 100;
        W.heap.fail_at = W.heap.requests + n / 2 + 1;
        got = fake_start(&f);
        if (got) {
            assert_int_equal(got, LLMF_ERR_MEMORY);
            assert_non_null(strstr(W.t->why, "memory_size"));
            continue;
        }
        fake_run((fake *const[]){&f}, 1);
        assert_true(f.result == LLMF_OK || f.result == LLMF_ERR_MEMORY);
        succeeded += f.result == LLMF_OK;
        fake_free(&f);
    }
    assert_true(n > 6);
}

static void test_slice(void **state) {
    fake f;
    (void)state;
    fake_init(&f, S.port, "/length/2000000", NULL, 0);
    W.net.slice_end_ns = 1;
    fake_go(&f);
    W.net.slice_end_ns = 0;
    assert_int_equal(f.result, LLMF_OK);
    expect_pattern(&f, 2000000);
    assert_true(W.polls > 20);
    fake_free(&f);
}

/* ---- a byte stream of the user's, which moves one byte at a time and has no descriptor ---- */

static llmf_stream_ops inner;
static int odd;

static void *s_open(void *user, const char *host, int port, bool tls) {
    assert_ptr_equal(user, &odd);
    return inner.open(inner.user, host, port, tls && false);
}
static int s_ready(void *user, void *stream) {
    (void)user;
    return inner.ready(inner.user, stream);
}
static int s_read(void *user, void *stream, char *out, size_t cap) {
    (void)user;
    if (++odd % 3 == 0) return 0;
    return inner.read(inner.user, stream, out, cap ? 1 : 0);
}
static int s_write(void *user, void *stream, const char *bytes, size_t len) {
    (void)user;
    if (++odd % 3 == 0) return 0;
    return inner.write(inner.user, stream, bytes, len ? 1 : 0);
}
static void s_close(void *user, void *stream) {
    (void)user;
    inner.close(inner.user, stream);
}
static intptr_t s_fd(void *user, void *stream, int *events) {
    (void)user;
    return inner.fd(inner.user, stream, events);
}

static void test_custom_stream(void **state) {
    llmf_stream_ops ops;
    llmfi_stream plain;
    int with_fd;
    (void)state;
    world_close(&W);
    for (with_fd = 0; with_fd < 2; with_fd++) {
        fake f;
        memset(&W.desc, 0, sizeof W.desc);
        memset(&ops, 0, sizeof ops);
        ops.user = &odd;
        ops.open = s_open;
        ops.ready = s_ready;
        ops.read = s_read;
        ops.write = s_write;
        ops.close = s_close;
        ops.fd = with_fd ? s_fd : NULL;
        W.desc.custom_stream = &ops;
        world_open(&W, 1 << 20);
        llmfi_socket_stream(&plain, &W.net);
        inner = plain.ops;
        W.t = llmfi_stream_open(&W.net);
        fake_init(&f, S.port, "/echo", "one byte at a time", 18);
        snprintf(f.url, sizeof f.url, "https://127.0.0.1:%d/echo", S.port);
        f.x.req.url = llmfi_cstr(f.url);
        fake_go(&f);
        assert_int_equal(f.result, LLMF_OK);
        assert_string_equal(f.body, "one byte at a time");
        fake_free(&f);
        fake_init(&f, S.port, "/chunked/200/9", NULL, 0);
        f.take = 2;
        fake_go(&f);
        expect_pattern(&f, 200);
        fake_free(&f);
        fake_init(&f, S.port, "/cut/60", NULL, 0);
        fake_go(&f);
        assert_int_equal(f.result, LLMF_ERR_TRUNCATED);
        fake_free(&f);
        if (!with_fd) world_close(&W);
    }
}

/* ---- an HTTP client of the user's ---- */

static llmf_exchange *u_waiting;
static int u_started, u_cancelled;

static int u_start(void *user, llmf_exchange *x, const llmf_http_request *req) {
    assert_ptr_equal(user, &odd);
    assert_ptr_equal(req, &x->req);
    u_started++;
    if (LLMFI_IS(req->url, "http://refuse/")) return LLMF_ERR_UNSUPPORTED;
    if (LLMFI_IS(req->url, "http://at-once/")) {
        llmf_exchange_status(x, 200);
        (void)llmf_exchange_data(x, "now", 3);
        llmf_exchange_end(x, LLMF_OK, NULL);
        return LLMF_OK;
    }
    u_waiting = x;
    return LLMF_OK;
}
static void u_cancel(void *user, llmf_exchange *x) {
    (void)user;
    assert_ptr_equal(x, u_waiting);
    u_waiting = NULL;
    u_cancelled++;
}
static void u_poll(void *user, int timeout_ms) {
    llmf_exchange *x = u_waiting;
    (void)user;
    assert_int_equal(timeout_ms, 0);
    if (!x) return;
    u_waiting = NULL;
    llmf_exchange_status(x, 200);
    (void)llmf_exchange_data(x, "later", 5);
    llmf_exchange_end(x, LLMF_OK, NULL);
}

static void test_custom_transport(void **state) {
    llmf_transport own;
    fake f;
    (void)state;
    world_close(&W);
    memset(&own, 0, sizeof own);
    own.user = &odd;
    own.start = u_start;
    own.cancel = u_cancel;
    own.poll = u_poll;
    memset(&W.desc, 0, sizeof W.desc);
    W.desc.custom_transport = &own;
    world_open(&W, 1 << 16);
    W.t = llmfi_custom_open(&W.net);
    fake_init(&f, 1, "/", NULL, 0);
    fake_go(&f);
    assert_string_equal(f.body, "later");
    fake_free(&f);
    fake_init(&f, 1, "/", NULL, 0);
    f.x.req.url = LLMFI_LIT("http://at-once/");
    fake_go(&f);
    assert_string_equal(f.body, "now");
    fake_free(&f);
    fake_init(&f, 1, "/", NULL, 0);
    f.x.req.url = LLMFI_LIT("http://refuse/");
    fake_go(&f);
    assert_int_equal(f.result, LLMF_ERR_UNSUPPORTED);
    u_started = 0;
    fake_init(&f, 1, "/", NULL, 0);
    assert_int_equal(fake_start(&f), LLMF_OK);
    fake_cancel(&f); /* before it was begun: the user never hears of it */
    W.t->tick(W.t);
    assert_int_equal(u_started, 0);
    assert_int_equal(u_cancelled, 0);
    own.poll = NULL;
    fake_init(&f, 1, "/", NULL, 0);
    assert_int_equal(fake_start(&f), LLMF_OK);
    W.t->tick(W.t);
    fake_cancel(&f);
    assert_int_equal(u_cancelled, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_plain, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bodies, setup, teardown),
        cmocka_unit_test_setup_teardown(test_take_and_resume, setup, teardown),
        cmocka_unit_test_setup_teardown(test_held, setup, teardown),
        cmocka_unit_test_setup_teardown(test_large_request, setup, teardown),
        cmocka_unit_test_setup_teardown(test_early_reply, setup, teardown),
        cmocka_unit_test_setup_teardown(test_long_head, setup, teardown),
        cmocka_unit_test_setup_teardown(test_keep_alive, setup, teardown),
        cmocka_unit_test_setup_teardown(test_kept_none, setup, teardown),
        cmocka_unit_test_setup_teardown(test_dead_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(test_closed_while_idle, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_queue, setup, teardown),
        cmocka_unit_test_setup_teardown(test_idle_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_chained, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cuts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_connect_timeout, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_descriptors, setup, teardown),
        cmocka_unit_test_setup_teardown(test_resolver, setup, teardown),
        cmocka_unit_test_setup_teardown(test_next_address, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refusals_at_start, setup, teardown),
        cmocka_unit_test_setup_teardown(test_short_body, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cancel_in_callbacks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cancel_between_polls, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cancel_others, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(test_slice, setup, teardown),
        cmocka_unit_test_setup_teardown(test_custom_stream, setup, teardown),
        cmocka_unit_test_setup_teardown(test_custom_transport, setup, teardown),
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
