/* The transport "replay": every chunking, every fault at every byte, pauses, cancels, the slice. */
#include "../../src/net/replay.h"
#include "net_fake.h"

#if LLMF_HAS_REPLAY

static world W;
static const char text[] = "data: {\"a\":1}\n\ndata: [DONE]\n\n";
enum { LEN = sizeof text - 1 };
static const llmf_header headers[2] = {{{"content-type", 12}, {"text/event-stream", 17}}, {{"x", 1}, {"", 0}}};

static llmf_recording recording(void) {
    llmf_recording r;
    memset(&r, 0, sizeof r);
    r.headers = headers;
    r.header_count = 2;
    r.body = llmfi_str(text, LEN);
    return r;
}

static int setup(void **state) {
    (void)state;
    memset(&W.desc, 0, sizeof W.desc);
    world_open(&W, 1 << 20);
    W.t = llmfi_replay_open(&W.net);
    assert_non_null(W.t);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    world_close(&W);
    return 0;
}

static void play(fake *f, const llmf_recording *r, size_t take, int cancel_at) {
    fake_init(f, 1, "/", NULL, 0);
    f->take = take;
    f->cancel_at = cancel_at;
    llmfi_replay_set(W.t, r);
    fake_go(f);
}

static void test_nothing_to_play(void **state) {
    fake f;
    (void)state;
    fake_init(&f, 1, "/", NULL, 0);
    assert_int_equal(fake_start(&f), LLMF_ERR_ARGUMENT);
    assert_non_null(strstr(W.t->why, "llmf_replay"));
}

static void test_whole(void **state) {
    llmf_recording r = recording();
    fake f;
    (void)state;
    play(&f, &r, 0, 0);
    assert_int_equal(f.result, LLMF_OK);
    assert_int_equal(f.status, 200);
    assert_int_equal(f.connected, 1);
    assert_string_equal(f.headers, "content-type: text/event-stream\nx: \n");
    assert_string_equal(f.body, text);
    assert_int_equal(f.callbacks, 5); /* connected, status, two headers, one piece */
    fake_free(&f);
    r.status = 429;
    r.body.len = 0;
    play(&f, &r, 0, 0);
    assert_int_equal(f.status, 429);
    assert_int_equal(f.len, 0);
}

/* Pieces of every size, random ones, taken whole and in every smaller portion: always the same bytes. */
static void test_chunks(void **state) {
    size_t chunk, take;
    uint64_t seed;
    (void)state;
    for (seed = 0; seed < 4; seed++)
        for (chunk = seed ? 0 : 1; chunk <= LEN + 1; chunk++)
            for (take = 0; take <= chunk + 1; take++) {
                llmf_recording r = recording();
                fake f;
                r.chunk = chunk;
                r.seed = seed;
                play(&f, &r, take, 0);
                assert_int_equal(f.result, LLMF_OK);
                assert_string_equal(f.body, text);
                if (!seed && !take) assert_int_equal(f.callbacks, 4 + (int)((LEN + chunk - 1) / chunk));
                fake_free(&f);
            }
}

static void test_random_is_repeatable(void **state) {
    llmf_recording r = recording();
    fake a, b, c;
    (void)state;
    r.seed = 7;
    r.chunk = 5;
    play(&a, &r, 0, 0);
    play(&b, &r, 0, 0);
    r.seed = 8;
    play(&c, &r, 0, 0);
    assert_int_equal(a.callbacks, b.callbacks);
    assert_string_equal(c.body, text);
    assert_true(a.callbacks > 4 + LEN / 5);
    fake_free(&a), fake_free(&b), fake_free(&c);
}

/* A fault at byte n leaves n - 1 bytes; one byte behind the end it is at the end itself; beyond that there is none. */
static void test_faults(void **state) {
    size_t at, chunk;
    (void)state;
    for (at = 1; at <= LEN + 2; at++)
        for (chunk = 0; chunk < 4; chunk++) {
            size_t whole = at - 1 < LEN ? at - 1 : LEN;
            llmf_recording r = recording();
            fake f;
            r.chunk = chunk;
            r.cut_at = at;
            play(&f, &r, 0, 0);
            assert_int_equal(f.len, whole);
            assert_int_equal(f.result, LLMF_OK);
            fake_free(&f);
            r.cut_at = 0;
            r.reset_at = at;
            play(&f, &r, 1, 0);
            assert_int_equal(f.len, whole);
            assert_int_equal(f.result, at <= LEN + 1 ? LLMF_ERR_TRUNCATED : LLMF_OK);
            if (whole) assert_memory_equal(f.body, text, whole);
            fake_free(&f);
        }
}

static void test_stall(void **state) {
    size_t at;
    int i;
    (void)state;
    for (at = 1; at <= LEN + 1; at++) {
        llmf_recording r = recording();
        fake f;
        r.stall_at = at;
        r.chunk = 3;
        fake_init(&f, 1, "/", NULL, 0);
        llmfi_replay_set(W.t, &r);
        assert_int_equal(fake_start(&f), LLMF_OK);
        for (i = 0; i < 3; i++) world_poll(&W, 0);
        assert_int_equal(f.ends, 0);
        assert_int_equal(f.len, at - 1);
        assert_int_equal(W.t->wait_ms(W.t), -1);
        fake_cancel(&f);
        fake_free(&f);
    }
}

static void test_cancel_everywhere(void **state) {
    int at;
    (void)state;
    for (at = 1; at <= 4 + LEN; at++) {
        llmf_recording r = recording();
        fake f;
        r.chunk = 1;
        play(&f, &r, 0, at);
        assert_true(f.cancelled);
        assert_int_equal(f.ends, 0);
        assert_int_equal(f.callbacks, at);
        fake_free(&f);
    }
}

static void test_cancel_while_held(void **state) {
    llmf_recording r = recording();
    fake f;
    (void)state;
    fake_init(&f, 1, "/", NULL, 0);
    f.take = 1;
    llmfi_replay_set(W.t, &r);
    assert_int_equal(fake_start(&f), LLMF_OK);
    world_poll(&W, 0);
    assert_true(f.held);
    assert_int_equal(W.t->wait_ms(W.t), -1);
    fake_cancel(&f);
    fake_free(&f);
}

static void test_many_and_chained(void **state) {
    static fake f[50];
    fake *all[50], next;
    llmf_recording r = recording();
    size_t i;
    (void)state;
    r.chunk = 2;
    llmfi_replay_set(W.t, &r);
    fake_init(&next, 1, "/", NULL, 0);
    for (i = 0; i < 50; i++) {
        fake_init(&f[i], 1, "/", NULL, 0);
        f[i].take = i % 3;
        all[i] = &f[i];
        if (i == 7) f[i].then = &next;
        assert_int_equal(fake_start(&f[i]), LLMF_OK);
    }
    fake_run(all, 50);
    all[0] = &next;
    fake_run(all, 1);
    assert_string_equal(next.body, text);
    for (i = 0; i < 50; i++) {
        assert_string_equal(f[i].body, text);
        fake_free(&f[i]);
    }
    fake_free(&next);
}

/* With no time at all each poll still gets on, and everybody has his turn. */
static void test_slice(void **state) {
    fake f[3], *all[3];
    llmf_recording r = recording();
    int i;
    (void)state;
    r.chunk = 1;
    llmfi_replay_set(W.t, &r);
    for (i = 0; i < 3; i++) {
        fake_init(&f[i], 1, "/", NULL, 0);
        all[i] = &f[i];
        assert_int_equal(fake_start(&f[i]), LLMF_OK);
    }
    W.net.slice_end_ns = 1;
    W.polls = 0;
    for (i = 0; i < 6; i++) world_poll(&W, 1000);
    for (i = 0; i < 3; i++) assert_true(f[i].len >= 3 && f[i].len <= 5);
    assert_int_equal(W.t->wait_ms(W.t), 0);
    fake_run(all, 3);
    assert_true(W.polls >= LEN);
    for (i = 0; i < 3; i++) fake_free(&f[i]);
    W.net.slice_end_ns = 0;
}

static void test_no_memory(void **state) {
    llmf_recording r = recording();
    fake f;
    (void)state;
    fake_init(&f, 1, "/", NULL, 0);
    llmfi_replay_set(W.t, &r);
    W.heap.fail_at = W.heap.requests + 1;
    assert_int_equal(fake_start(&f), LLMF_ERR_MEMORY);
    assert_non_null(strstr(W.t->why, "memory_size"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_nothing_to_play, setup, teardown),
        cmocka_unit_test_setup_teardown(test_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(test_chunks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_random_is_repeatable, setup, teardown),
        cmocka_unit_test_setup_teardown(test_faults, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stall, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cancel_everywhere, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cancel_while_held, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_and_chained, setup, teardown),
        cmocka_unit_test_setup_teardown(test_slice, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_memory, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else
int main(void) {
    return 0;
}
#endif
