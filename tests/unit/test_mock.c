/* The scripted model: its body, which is its reply; then the way of a call through it and the transport "echo", at every size of piece. */
#include "../../src/net/echo.h"
#include "../../providers/mock.h"
#include "dialect.h"
#include "net_fake.h"

#define M (&llmfi_mock)
#define DONE "{\"model\":\"mock\",\"done\":true}\n"

static question Q;
static world W;

static void hi(const char *script) {
    question_init(&Q, "mock");
    question_add(&Q, LLMF_USER, "Hi  there,\nyou");
    if (script) Q.ask.extra = question_json(&Q, script);
}

static void body(bool stream, const char *expected) {
    Q.req.stream = stream;
    question_refused(&Q, M, LLMF_OK, "");
    question_body(&Q, M, true, expected);
}

static void test_said_back(void **state) {
    llmf_part part = question_text("and more");
    (void)state;
    hi(NULL);
    body(true, "{\"text\":\"You \"}\n{\"text\":\"said: \"}\n{\"text\":\"Hi  \"}\n{\"text\":\"there,\\n\"}\n{\"text\":\"you\"}\n{\"usage\":{\"input_tokens\":3,\"output_tokens\":5}}\n" DONE);
    hi(NULL);
    question_system(&Q, "a b");
    question_add(&Q, LLMF_ASSISTANT, "c");
    question_add(&Q, LLMF_USER, "d")->parts = &part;
    Q.messages[2].part_count = 1;
    body(false, "{\"text\":\"You said: \"}\n{\"text\":\"d\"}\n{\"text\":\"and more\"}\n{\"usage\":{\"input_tokens\":9,\"output_tokens\":5}}\n" DONE);
}

static void test_script(void **state) {
    (void)state;
    hi("{\"script\":[{\"reasoning\":\"hm hm\"},{\"text\":\" a b\"},{\"tool\":{\"name\":\"f\",\"arguments\":{\"x\":[1]}}},{\"usage\":{\"input_tokens\":1}},{\"finish\":\"length\"}]}");
    body(true, "{\"reasoning\":\"hm \"}\n{\"reasoning\":\"hm\"}\n{\"text\":\" a \"}\n{\"text\":\"b\"}\n{\"tool\":{\"name\":\"f\",\"arguments\":{\"x\":[1]}}}\n{\"usage\":{\"input_tokens\":1}}\n{\"finish\":\"length\"}\n" DONE);
    hi("{\"script\":[{\"text\":\"a b\"},{\"cut\":true},{\"text\":\"never\"}]}");
    body(false, "{\"text\":\"a b\"}\n{\"cut\":true}\n");
    hi("{\"script\":[]}");
    body(false, DONE);
}

/* A script for each turn. */
static void test_turns(void **state) {
    static const char *const said[] = { "one", "two", "two" };
    char expected[128];
    int turn, i;
    (void)state;
    for (turn = 0; turn < 3; turn++) {
        hi(NULL);
        Q.model.extra = question_json(&Q, "{\"script\":[[{\"text\":\"one\"}],[{\"text\":\"two\"}]]}");
        for (i = 0; i < turn; i++) question_add(&Q, LLMF_ASSISTANT, "x");
        snprintf(expected, sizeof expected, "{\"text\":\"%s\"}\n" DONE, said[turn]);
        body(false, expected);
    }
}

static void test_refused(void **state) {
    static const char *const bad[] = { "{\"script\":7}", "{\"script\":[7]}", "{\"script\":[{}]}", "{\"script\":[{\"text\":1}]}", "{\"script\":[{\"text\":\"a\",\"finish\":\"b\"}]}",
                                       "{\"script\":[{\"say\":\"a\"}]}", "{\"script\":[{\"tool\":{}}]}", "{\"script\":[{\"cut\":false}]}", "{\"script\":[[[]]]}" };
    size_t i;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(bad); i++) {
        hi(bad[i]);
        question_refused(&Q, M, LLMF_ERR_ARGUMENT, "extra.script");
    }
}

static const reply_case replies[] = {
    { "all there is", true,
      "{\"reasoning\":\"hm\"}\n{\"text\":\"a \"}\n{\"text\":\"b\"}\n{\"tool\":{\"id\":\"i\",\"name\":\"f\",\"arguments\":{\"x\":1}}}\n{\"tool\":{\"id\":\"k\",\"name\":\"g\",\"arguments\":\"{\\\"cut\"}}\n"
      "{\"usage\":{\"input_tokens\":9,\"cache_read_tokens\":2,\"cache_write_tokens\":1,\"output_tokens\":5,\"reasoning_tokens\":3,\"other\":[]}}\n{\"finish\":\"length\"}\n{\"model\":\"mm\",\"done\":true}\n",
      "R:hm|T:a |T:b|S0:i,f|D0:{\"x\":1}|C0:{\"x\":1}|S1:k,g|D1:{\"cut|C1:!{\"cut|U:9,2,1,5,3|=length(length)mm" },
    { "stop where nothing is said", false, "{\"text\":\"a\"}\n" DONE, "T:a|=stop(stop)mock" },
    { "calls", false, "{\"tool\":{\"id\":\"i\",\"name\":\"f\"}}\n" DONE, "S0:i,f|C0:{}|=tool_calls(stop)mock" },
    { "an error", true, "{\"text\":\"half\"}\n{\"error\":{\"code\":\"overloaded_error\",\"message\":\"full\",\"status\":529}}\n" DONE, "T:half|!15(overloaded_error)full" },
    { "an error by its status", true, "{\"error\":{\"message\":\"slow down\",\"status\":429}}\n" DONE, "!10()slow down" },
    { "cut", true, "{\"text\":\"half\"}\n{\"cut\":true}\n", "T:half|!21()" },
};

static void test_replies(void **state) {
    (void)state;
    answer_cases(M, "mock", replies, LLMFI_COUNT(replies));
}

/* ---- the transport ---- */

static int setup(void **state) {
    (void)state;
    memset(&W.desc, 0, sizeof W.desc);
    world_open(&W, 1 << 16);
    W.t = llmfi_echo_open(&W.net);
    assert_non_null(W.t);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    world_close(&W);
    return 0;
}

static char long_body[5000];

static void test_echo(void **state) {
    static const size_t takes[] = { 0, 1, 2, 7, 511, 512, 513 }, lengths[] = { 0, 1, 511, 512, 513, sizeof long_body };
    size_t i, k, n;
    (void)state;
    for (i = 0; i < sizeof long_body; i++) long_body[i] = (char)('a' + i % 23);
    for (i = 0; i < LLMFI_COUNT(takes); i++)
        for (k = 0; k < LLMFI_COUNT(lengths); k++)
            for (n = 0; n < 3; n++) {
                fake f;
                fake_init(&f, 1, "/", long_body, lengths[k]);
                f.take = takes[i];
                f.send_piece = n * 100;
                fake_go(&f);
                assert_int_equal(f.ends, 1);
                assert_int_equal(f.result, LLMF_OK);
                assert_int_equal(f.status, 200);
                assert_int_equal(f.len, lengths[k]);
                if (f.len) assert_memory_equal(f.body, long_body, f.len);
                assert_string_equal(f.headers, "content-type: application/x-ndjson\n");
                fake_free(&f);
            }
}

static void test_echo_cancel(void **state) {
    int at;
    (void)state;
    for (at = 1; at < 12; at++) {
        fake f, g, *all[2];
        fake_init(&f, 1, "/", long_body, 4000);
        fake_init(&g, 1, "/", long_body, 3000);
        f.cancel_at = at;
        g.take = 100;
        all[0] = &f;
        all[1] = &g;
        assert_int_equal(fake_start(&f), LLMF_OK);
        assert_int_equal(fake_start(&g), LLMF_OK);
        fake_run(all, 2);
        assert_int_equal(g.ends, 1);
        assert_int_equal(g.len, 3000);
        fake_free(&f);
        fake_free(&g);
    }
}

/* A slice that is always over: a piece a poll, and all arrives. */
static void test_echo_slice(void **state) {
    fake f;
    (void)state;
    W.net.slice_end_ns = 1;
    fake_init(&f, 1, "/", long_body, 4000);
    fake_go(&f);
    assert_int_equal(f.len, 4000);
    assert_true(W.polls >= 4);
    fake_free(&f);
}

static void test_echo_memory(void **state) {
    fake f;
    (void)state;
    fake_init(&f, 1, "/", "x", 1);
    W.heap.fail_at = W.heap.requests + 1;
    assert_int_equal(fake_start(&f), LLMF_ERR_MEMORY);
    assert_non_null(strstr(W.t->why, "memory_size"));
    W.heap.fail_at = 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_said_back),
        cmocka_unit_test(test_script),
        cmocka_unit_test(test_turns),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_replies),
        cmocka_unit_test_setup_teardown(test_echo, setup, teardown),
        cmocka_unit_test_setup_teardown(test_echo_cancel, setup, teardown),
        cmocka_unit_test_setup_teardown(test_echo_slice, setup, teardown),
        cmocka_unit_test_setup_teardown(test_echo_memory, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
