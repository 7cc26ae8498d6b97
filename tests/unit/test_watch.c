/* Waiting for descriptors: epoll, or poll with -DLLMF_NO_EPOLL=1. */
#include "../../src/net/watch.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <pthread.h>
#include <time.h>
#include <cmocka.h>
#include "../os.h"

typedef struct end {
    llmfi_watcher w;
    intptr_t other;
    int calls, last;
    bool read_all, remove_itself;
    struct end *remove_too;
} end;

static llmfi_heap heap;
static llmfi_watch watch;
static char block[1 << 18];

static void on_ready(llmfi_watcher *w, int events) {
    end *e = (end *)(void *)w;
    char bytes[64];
    e->calls++;
    e->last = events;
    if (e->read_all) (void)os_read(w->fd, bytes, sizeof bytes);
    if (e->remove_itself) llmfi_watch_remove(&watch, w);
    if (e->remove_too) llmfi_watch_remove(&watch, &e->remove_too->w);
}

static void end_open(end *e, bool read_all) {
    intptr_t pair[2];
    memset(e, 0, sizeof *e);
    assert_int_equal(os_pair(pair), 0);
    e->w.fd = pair[0];
    e->w.ready = on_ready;
    e->other = pair[1];
    e->read_all = read_all;
    assert_true(llmfi_sys_quiet(pair[0]));
}

static void end_close(end *e) {
    llmfi_watch_remove(&watch, &e->w);
    os_close(e->w.fd);
    os_close(e->other);
}

static void say(const end *e) {
    assert_int_equal(os_write(e->other, "x", 1), 1);
}

static int setup(void **state) {
    (void)state;
    llmfi_heap_init(&heap, block, sizeof block);
    return llmfi_watch_init(&watch, &heap, 4) ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    assert_int_equal(watch.count, 0);
    llmfi_watch_close(&watch);
    assert_int_equal(heap.used, 0);
    return 0;
}

static int wait_now(void) {
    return llmfi_watch_wait(&watch, 0, NULL, NULL);
}

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void test_read_and_write(void **state) {
    end e;
    (void)state;
    end_open(&e, true);
    assert_true(llmfi_watch_set(&watch, &e.w, LLMF_FD_READ));
    assert_int_equal(wait_now(), 0);
    say(&e);
    assert_int_equal(wait_now(), 1);
    assert_int_equal(e.last, LLMF_FD_READ);
    assert_int_equal(wait_now(), 0);
    assert_true(llmfi_watch_set(&watch, &e.w, LLMF_FD_READ | LLMF_FD_WRITE));
    assert_int_equal(wait_now(), 1);
    assert_int_equal(e.last, LLMF_FD_WRITE);
    assert_true(llmfi_watch_set(&watch, &e.w, LLMF_FD_READ));
    assert_int_equal(wait_now(), 0);
    end_close(&e);
}

/* What is paused neither is served nor keeps the wait awake, not even when its other end goes; resumed, it is there again. */
static void test_pause(void **state) {
    end e;
    double before;
    (void)state;
    end_open(&e, true);
    assert_true(llmfi_watch_set(&watch, &e.w, LLMF_FD_READ));
    assert_true(llmfi_watch_set(&watch, &e.w, 0));
    say(&e);
    assert_int_equal(wait_now(), 0);
    before = seconds();
    assert_int_equal(llmfi_watch_wait(&watch, 50, NULL, NULL), 0);
    assert_true(seconds() - before > 0.04);
    shutdown(LLMFI_SYS_FD(e.other), SHUT_RDWR);
    assert_int_equal(wait_now(), 0);
    before = seconds();
    assert_int_equal(llmfi_watch_wait(&watch, 50, NULL, NULL), 0);
    assert_true(seconds() - before > 0.04);
    assert_int_equal(e.calls, 0);
    assert_true(llmfi_watch_set(&watch, &e.w, LLMF_FD_READ));
    assert_int_equal(wait_now(), 1);
    end_close(&e);
}

static void test_hang_up_is_readable(void **state) {
    end e;
    (void)state;
    end_open(&e, false);
    assert_true(llmfi_watch_set(&watch, &e.w, LLMF_FD_READ));
    shutdown(LLMFI_SYS_FD(e.other), SHUT_RDWR);
    assert_int_equal(wait_now(), 1);
    assert_int_equal(e.last, LLMF_FD_READ);
    end_close(&e);
}

/* Whoever is served may take out others that are ready in the same moment, and itself. */
static void test_remove_while_served(void **state) {
    end e[5];
    int i, calls = 0;
    (void)state;
    for (i = 0; i < 5; i++) {
        end_open(&e[i], false);
        assert_true(llmfi_watch_set(&watch, &e[i].w, LLMF_FD_READ));
        e[i].remove_itself = true;
        e[i].remove_too = &e[(i + 1) % 5];
        say(&e[i]);
    }
    assert_true(wait_now() >= 2);
    for (i = 0; i < 5; i++) {
        assert_true(e[i].calls <= 1);
        calls += e[i].calls;
    }
    assert_true(calls < 5);
    assert_int_equal(watch.count, 0);
    for (i = 0; i < 5; i++) end_close(&e[i]);
}

static bool always(void *arg) {
    (void)arg;
    return true;
}

/* A wait that is stopped after each one gets to everybody, more than one batch of them, and none twice before. */
static void test_stop_is_fair(void **state) {
    enum { MANY = LLMFI_WATCH_BATCH + 30 };
    static end e[MANY];
    int i, again;
    (void)state;
    for (i = 0; i < MANY; i++) {
        end_open(&e[i], false);
        assert_true(llmfi_watch_set(&watch, &e[i].w, LLMF_FD_READ));
        say(&e[i]);
    }
    for (i = 0; i < LLMFI_WATCH_BATCH; i++) assert_int_equal(llmfi_watch_wait(&watch, -1, always, NULL), 1);
    for (again = i = 0; i < MANY; i++) again += e[i].calls > 1;
    assert_int_equal(again, 0);
    for (i = 0; i < LLMFI_WATCH_BATCH; i++) assert_int_equal(llmfi_watch_wait(&watch, -1, always, NULL), 1);
    for (i = 0; i < MANY; i++) {
        assert_true(e[i].calls >= 1 && e[i].calls <= 2);
        end_close(&e[i]);
    }
}

/* One wait serves more than one batch, and comes back although all stay ready for ever. */
static void test_more_than_a_batch(void **state) {
    enum { MANY = LLMFI_WATCH_BATCH * 3 + 1 };
    static end e[MANY];
    int i;
    (void)state;
    for (i = 0; i < MANY; i++) {
        end_open(&e[i], i % 2 == 0);
        assert_true(llmfi_watch_set(&watch, &e[i].w, LLMF_FD_READ));
        say(&e[i]);
    }
    assert_true(wait_now() >= MANY / 2);
    for (i = 0; i < 3; i++) (void)wait_now();
    for (i = 0; i < MANY; i++) {
        assert_true(e[i].calls >= 1);
        end_close(&e[i]);
    }
}

/* A number that is closed and used again by another socket is watched anew. */
static void test_same_number_again(void **state) {
    end e, other;
    intptr_t fd;
    (void)state;
    end_open(&e, true);
    assert_true(llmfi_watch_set(&watch, &e.w, LLMF_FD_READ));
    fd = e.w.fd;
    llmfi_watch_remove(&watch, &e.w);
    llmfi_watch_remove(&watch, &e.w);
    os_close(e.w.fd);
    end_open(&other, true);
#if defined(_WIN32)
    (void)fd; /* numbers come as they like */
#else
    assert_int_equal(other.w.fd, fd);
#endif
    assert_true(llmfi_watch_set(&watch, &other.w, LLMF_FD_READ));
    say(&other);
    assert_int_equal(wait_now(), 1);
    assert_int_equal(other.calls, 1);
    end_close(&other);
    os_close(e.other);
}

static void *wake_later(void *arg) {
    struct timespec t = {0, 30000000};
    int i;
    (void)arg;
    nanosleep(&t, NULL);
    for (i = 0; i < 1000; i++) llmfi_watch_wake(&watch);
    return NULL;
}

static void test_wake(void **state) {
    pthread_t thread;
    double before = seconds();
    (void)state;
    assert_false(llmfi_watch_woken(&watch));
    assert_int_equal(pthread_create(&thread, NULL, wake_later, NULL), 0);
    assert_int_equal(llmfi_watch_wait(&watch, 5000, NULL, NULL), 0);
    pthread_join(thread, NULL);
    assert_true(seconds() - before < 2);
    assert_true(llmfi_watch_woken(&watch));
    (void)wait_now();
    (void)llmfi_watch_woken(&watch);
    before = seconds();
    (void)llmfi_watch_wait(&watch, 30, NULL, NULL);
    assert_true(seconds() - before > 0.02); /* a thousand count as one */
    assert_false(llmfi_watch_woken(&watch));
    errno = 42;
    llmfi_watch_wake(&watch);
    assert_int_equal(errno, 42);
}

/* The list is enough for somebody else's poll. */
static void test_list(void **state) {
    end e;
    llmf_fd fds[8];
    llmfi_pollfd p[8];
    size_t n, i;
    (void)state;
    end_open(&e, true);
    assert_true(llmfi_watch_set(&watch, &e.w, LLMF_FD_READ));
    assert_true(llmfi_watch_list(&watch, fds, 0) >= 1);
    n = llmfi_watch_list(&watch, fds, 8);
    for (i = 0; i < n; i++) {
        p[i].fd = LLMFI_SYS_FD(fds[i].fd);
        p[i].events = (short)((fds[i].events & LLMF_FD_READ ? POLLIN : 0) | (fds[i].events & LLMF_FD_WRITE ? POLLOUT : 0));
    }
    assert_int_equal(poll(p, n, 0), 0);
    say(&e);
    assert_int_equal(poll(p, n, 0), 1);
    assert_int_equal(wait_now(), 1);
    assert_int_equal(poll(p, n, 0), 0);
    llmfi_watch_wake(&watch);
    assert_int_equal(poll(p, n, 0), 1);
    (void)wait_now();
    end_close(&e);
}

static void test_timeout(void **state) {
    double before = seconds();
    (void)state;
    assert_int_equal(llmfi_watch_wait(&watch, 40, NULL, NULL), 0);
    assert_true(seconds() - before > 0.03);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_read_and_write, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pause, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hang_up_is_readable, setup, teardown),
        cmocka_unit_test_setup_teardown(test_remove_while_served, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stop_is_fair, setup, teardown),
        cmocka_unit_test_setup_teardown(test_more_than_a_batch, setup, teardown),
        cmocka_unit_test_setup_teardown(test_same_number_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wake, setup, teardown),
        cmocka_unit_test_setup_teardown(test_list, setup, teardown),
        cmocka_unit_test_setup_teardown(test_timeout, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
