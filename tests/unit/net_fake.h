/* An engine in little for the transport tests: starts exchanges, collects what they give, takes as much at a time as told, cancels when told. */
#ifndef NET_FAKE_H
#define NET_FAKE_H
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>

typedef struct fake {
    llmf_exchange x;
    char url[256];
    const char *send;              /* the request's body */
    size_t sent, send_piece;       /* bytes given to the transport; at most so many at a time, 0: any */
    char *body;
    size_t len, cap;
    char headers[2048];
    int status, statuses, connected, rewinds, ends, result, callbacks, resumes;
    char text[256];
    size_t take;                   /* bytes taken at a time, then the call has enough; 0: all */
    bool held;                     /* took less than was offered */
    int cancel_at;                 /* cancels itself inside its so-manieth callback; 0: never */
    bool cancelled;
    struct fake *then;             /* started inside the end of this one */
} fake;

typedef struct world {
    llmfi_heap heap;
    llmfi_watch watch;
    llmfi_net net;
    llmf_desc desc;
    llmfi_transport *t;
    char *block;
    size_t block_size;
    uint64_t clock_shift;          /* nanoseconds that the clock is ahead */
    uint64_t polls;
} world;

static world *the_world;
static unsigned long fake_happened; /* callbacks, ever */

static uint64_t fake_now(const llmfi_net *net) {
    struct timespec t;
    (void)net;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec + the_world->clock_shift;
}

static void world_open(world *w, size_t block) {
    the_world = w;
    w->block_size = block;
    w->block = (char *)malloc(block);
    w->clock_shift = w->polls = 0;
    llmfi_heap_init(&w->heap, w->block, block);
    assert_true(llmfi_watch_init(&w->watch, &w->heap, 100));
    memset(&w->net, 0, sizeof w->net);
    w->net.heap = &w->heap;
    w->net.watch = &w->watch;
    w->net.desc = &w->desc;
    if (!w->desc.recv_size) w->desc.recv_size = 16384; /* as llmf_open fills it */
    if (!w->desc.max_connections) w->desc.max_connections = 100;
    if (!w->desc.max_idle) w->desc.max_idle = 10;
    w->net.recv = (char *)malloc(w->desc.recv_size); /* outside the heap: the sanitizer sees its ends */
    w->net.now_ns = fake_now;
}

/* Nothing of the heap may be left. */
static void world_close(world *w) {
    w->t->close(w->t);
    assert_int_equal(w->watch.count, 0);
    llmfi_watch_close(&w->watch);
    assert_int_equal(w->heap.used, 0);
    free(w->net.recv);
    free(w->block);
    memset(w, 0, sizeof *w);
}

static void fake_init(fake *f, int port, const char *path, const char *body, size_t body_len) {
    memset(f, 0, sizeof *f);
    snprintf(f->url, sizeof f->url, "http://127.0.0.1:%d%s", port, path);
    f->send = body;
    f->x.req.method = body ? LLMFI_LIT("POST") : LLMFI_LIT("GET");
    f->x.req.url = llmfi_cstr(f->url);
    f->x.req.body_len = body_len;
}

static int fake_start(fake *f) {
    f->x.by = the_world->t;
    return the_world->t->start(the_world->t, &f->x);
}

static void fake_free(fake *f) {
    free(f->body);
    f->body = NULL;
}

static void fake_cancel(fake *f) {
    assert_false(f->cancelled);
    assert_int_equal(f->ends, 0);
    f->cancelled = true;
    the_world->t->cancel(the_world->t, &f->x);
}

/* One more callback: true when it is the one to cancel in. */
static bool fake_called(fake *f) {
    assert_false(f->cancelled);
    assert_int_equal(f->ends, 0);
    fake_happened++;
    f->callbacks++;
    if (f->callbacks != f->cancel_at) return false;
    fake_cancel(f);
    return true;
}

LLMF_API size_t llmf_exchange_read(llmf_exchange *x, char *out, size_t cap) {
    fake *f = (fake *)(void *)x;
    size_t left = (size_t)x->req.body_len - f->sent, n = cap < left ? cap : left;
    assert_false(f->cancelled);
    assert_int_equal(f->ends, 0);
    if (f->send_piece && n > f->send_piece) n = f->send_piece;
    memcpy(out, f->send + f->sent, n);
    f->sent += n;
    return n;
}

LLMF_API void llmf_exchange_rewind(llmf_exchange *x) {
    fake *f = (fake *)(void *)x;
    f->sent = 0;
    f->rewinds++;
}

static void llmfi_exchange_connected(llmf_exchange *x) {
    fake *f = (fake *)(void *)x;
    f->connected++;
    (void)fake_called(f);
}

LLMF_API void llmf_exchange_status(llmf_exchange *x, int status) {
    fake *f = (fake *)(void *)x;
    f->status = status;
    f->statuses++;
    (void)fake_called(f);
}

LLMF_API void llmf_exchange_header(llmf_exchange *x, llmf_str name, llmf_str value) {
    fake *f = (fake *)(void *)x;
    size_t at = strlen(f->headers);
    assert_int_equal(f->statuses, 1);
    snprintf(f->headers + at, sizeof f->headers - at, "%.*s: %.*s\n", (int)name.len, name.ptr, (int)value.len, value.ptr);
    (void)fake_called(f);
}

LLMF_API size_t llmf_exchange_data(llmf_exchange *x, const char *bytes, size_t len) {
    fake *f = (fake *)(void *)x;
    size_t n = f->take && f->take < len ? f->take : len;
    assert_true(len > 0);
    assert_int_equal(f->statuses, 1);
    assert_false(f->held); /* not before resume */
    if (f->len + n + 1 > f->cap) {
        f->cap = (f->len + n + 1) * 2;
        f->body = (char *)realloc(f->body, f->cap);
    }
    memcpy(f->body + f->len, bytes, n);
    f->len += n;
    f->body[f->len] = '\0';
    f->held = n < len;
    if (fake_called(f)) return 0;
    return n;
}

LLMF_API void llmf_exchange_end(llmf_exchange *x, int result, const char *text) {
    fake *f = (fake *)(void *)x;
    assert_false(f->cancelled);
    assert_false(f->held);
    fake_happened++;
    f->ends++;
    assert_int_equal(f->ends, 1);
    f->result = result;
    snprintf(f->text, sizeof f->text, "%s", text ? text : "");
    x->by = NULL;
    if (f->then) assert_int_equal(fake_start(f->then), LLMF_OK);
}

/* One llmf_poll. */
static void world_poll(world *w, int timeout_ms) {
    int64_t ms;
    unsigned long before = fake_happened;
    w->polls++;
    w->t->tick(w->t);
    if (fake_happened != before) timeout_ms = 0;
    ms = w->t->wait_ms ? w->t->wait_ms(w->t) : -1;
    if (ms >= 0 && ms < timeout_ms) timeout_ms = (int)ms;
    (void)llmfi_watch_wait(&w->watch, timeout_ms, NULL, NULL);
    w->t->tick(w->t);
}

static bool fake_over(const fake *f) {
    return f->ends || f->cancelled;
}

/* Was it waiting for that? */
static bool fake_resume(fake *f) {
    if (!f->held || fake_over(f)) return false;
    f->held = false;
    f->resumes++;
    the_world->t->resume(the_world->t, &f->x);
    return true;
}

/* Until all are over, ten seconds at most. */
static void fake_run(fake *const *all, size_t n) {
    uint64_t end = fake_now(NULL) + 10000000000u;
    size_t i, over = 0;
    bool resumed = false;
    while (over < n) {
        world_poll(the_world, resumed ? 0 : 100);
        for (resumed = false, over = i = 0; i < n; i++) {
            resumed = fake_resume(all[i]) || resumed;
            over += fake_over(all[i]);
        }
        if (fake_now(NULL) > end) fail_msg("no end after ten seconds: %s", all[0]->url);
    }
}

static void fake_go(fake *f) {
    assert_int_equal(fake_start(f), LLMF_OK);
    fake_run(&f, 1);
}

#endif
