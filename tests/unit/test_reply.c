#include "reply_log.h"

static llmf_str s(const char *text) {
    return llmfi_cstr(text);
}

/* ---- the order of events and what they point at ---- */

static void test_events(void **state) {
    llmfi_reply r;
    reply_log l = { "", 0, { "", "", "" } };
    (void)state;
    reply_begin(&r, true, "host", NULL);
    llmfi_reply_reasoning(&r, s("hm"));
    llmfi_reply_text(&r, s(""));
    llmfi_reply_text(&r, s("Hel"));
    llmfi_reply_text(&r, s("lo"));
    llmfi_reply_refusal(&r, s("no"));
    assert_int_equal(llmfi_reply_count(&r), 4);
    assert_true(r.content);
    r.terminal = true;
    llmfi_reply_finish(&r, s("stop"));
    llmfi_reply_finish(&r, s(""));
    llmfi_reply_end(&r, true);
    log_drain(&l, &r);
    log_end(&l, &r);
    assert_string_equal(l.text, "R:hm|T:Hel|T:lo|X:no| 5/stop");
    assert_int_equal(llmfi_reply_count(&r), 0);
    reply_over(&r);
}

static void json_text(llmfi_reply *r, const char *token) {
    llmfi_json j;
    llmfi_json_init(&j, s(token), true);
    assert_int_equal(llmfi_json_next(&j), LLMFI_J_STRING);
    llmfi_reply_text_json(r, &j);
}

static void test_decoding(void **state) {
    static const struct {
        const char *token, *text;
    } cases[] = {
        { "\"plain\"", "plain" }, { "\"a\\n\\\"b\\u00e9\"", "a\n\"b\xc3\xa9" }, { "\"\\ud83d\\ude00\"", "\xf0\x9f\x98\x80" },
        { "\"\\ud83d!\"", "\xef\xbf\xbd!" }, { "\"x\xff\xffy\"", "x\xef\xbf\xbd\xef\xbf\xbdy" }, { "\"\xe2\x82\xac\"", "\xe2\x82\xac" },
        { "\"\xf0\x9f\\n\"", "\xef\xbf\xbd\n" },
    };
    size_t i;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(cases); i++) {
        llmfi_reply r;
        llmf_event ev;
        reply_begin(&r, true, "host", NULL);
        json_text(&r, cases[i].token);
        assert_true(llmfi_reply_next(&r, &ev));
        assert_int_equal(ev.text.len, strlen(cases[i].text));
        assert_memory_equal(ev.text.ptr, cases[i].text, ev.text.len);
        assert_string_equal(llmfi_reply_text_of(&r.text).ptr, cases[i].text);
        reply_over(&r);
    }
}

/* An event's text stays where it is until the next event is taken, however much comes in the meantime. */
static void test_lent(void **state) {
    llmfi_reply r;
    llmf_event ev;
    const char *at;
    int i;
    (void)state;
    reply_begin(&r, true, "host", NULL);
    llmfi_reply_text(&r, s("first"));
    llmfi_reply_reasoning(&r, s("blocks the piece behind"));
    assert_true(llmfi_reply_next(&r, &ev));
    at = ev.text.ptr;
    for (i = 0; i < 1000; i++) llmfi_reply_text(&r, s(" and very much more"));
    assert_true(r.text.ptr != at && r.retired == at);
    assert_memory_equal(at, "first", 5);
    assert_true(llmfi_reply_next(&r, &ev));
    assert_null(r.retired);
    llmfi_reply_tool_args(&r, llmfi_reply_tool_begin(&r, -1, s("id"), s("f")), s("{"));
    while (llmfi_reply_next(&r, &ev) && ev.type != LLMF_EVENT_TOOL_DELTA) continue;
    at = ev.text.ptr;
    for (i = 0; i < 1000; i++) llmfi_reply_tool_args(&r, 0, s("\"and much more\""));
    for (i = 0; i < 20; i++) llmfi_reply_tool_begin(&r, -1, s(""), s("g"));
    assert_memory_equal(at, "{", 1);
    reply_over(&r);
}

/* Text that is not kept: the memory is that of what waits, whatever has gone through. */
static void test_discard(void **state) {
    llmfi_reply r;
    llmf_event ev;
    int i, behind;
    (void)state;
    for (behind = 0; behind < 3; behind++) {
        size_t total = 0;
        reply_begin(&r, true, "host", NULL);
        r.discard = true;
        for (i = 0; i < behind; i++) llmfi_reply_text(&r, s("0123456789"));
        for (i = 0; i < 20000; i++) {
            llmfi_reply_mark(&r);
            llmfi_reply_text(&r, s("0123456789"));
            llmfi_reply_reasoning(&r, s("abc"));
            assert_true(llmfi_reply_next(&r, &ev));
            assert_true(ev.type == LLMF_EVENT_TEXT || memcmp(ev.text.ptr, "abc", 3) == 0);
            assert_true(ev.type != LLMF_EVENT_TEXT || memcmp(ev.text.ptr, "0123456789", 10) == 0);
            assert_true(llmfi_reply_next(&r, &ev));
            total += ev.text.len;
        }
        assert_true(total > 20000 * 2);
        assert_true(reply_heap.high < 8192);
        reply_over(&r);
    }
}

/* ---- tools ---- */

static void test_tool_arguments(void **state) {
    static const struct {
        const char *given, *seen;
        bool invalid;
    } cases[] = {
        { "", "{}", false }, { "null", "{}", false }, { " \n ", "{}", false }, { "{\"a\":1}", "{\"a\":1}", false }, { "{\"a\":", "{\"a\":", true },
        { "{} {}", "{} {}", true }, { "{\"n\":1.50e3,\"n\":2}", "{\"n\":1.50e3,\"n\":2}", false }, { "[", "[", true }, { "nul", "nul", true }, { "{}", "{}", false },
    };
    size_t i;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(cases); i++) {
        llmfi_reply r;
        int at;
        reply_begin(&r, true, "host", NULL);
        at = llmfi_reply_tool_begin(&r, 0, s("id"), s("f"));
        llmfi_reply_tool_args(&r, at, s(cases[i].given));
        r.terminal = true;
        llmfi_reply_end(&r, true);
        assert_int_equal(r.error.code, LLMF_OK);
        assert_int_equal(r.finish, LLMF_FINISH_TOOL_CALLS);
        assert_int_equal(r.call_count, 1);
        assert_string_equal(r.calls[0].arguments.ptr, cases[i].seen);
        assert_int_equal(r.calls[0].invalid, cases[i].invalid);
        reply_over(&r);
    }
}

static void test_tool_ids(void **state) {
    llmfi_reply r;
    reply_log l = { "", 0, { "", "", "" } };
    (void)state;
    reply_begin(&r, true, "host", NULL);
    llmfi_reply_tool_begin(&r, 0, s("call00002"), s("a"));
    llmfi_reply_tool_begin(&r, 1, s(""), s("b"));        /* would be call00002, which is taken */
    llmfi_reply_tool_begin(&r, 2, s(""), s(""));         /* the name comes late, after arguments */
    llmfi_reply_tool_args(&r, 2, s("{\"x\""));
    llmfi_reply_tool_name(&r, 2, s("late"), s("c"));
    llmfi_reply_tool_args(&r, 2, s(":1}"));
    llmfi_reply_tool_name(&r, 1, s("real"), s("other"));
    llmfi_reply_tool_name(&r, 0, s("other"), s(""));
    llmfi_reply_tool_begin(&r, -1, s(""), s(""));        /* a name never comes */
    assert_int_equal(llmfi_reply_tool_find(&r, 2), 2);
    assert_int_equal(llmfi_reply_tool_find(&r, 7), -1);
    r.terminal = true;
    llmfi_reply_tool_end(&r, 0);
    llmfi_reply_tool_end(&r, 0);
    llmfi_reply_tool_args(&r, 0, s("too late"));
    llmfi_reply_end(&r, true);
    log_drain(&l, &r);
    log_end(&l, &r);
    assert_string_equal(l.text, "start0:call00002/a|start1:real/b|start2:late/c|delta2:{\"x\"|delta2::1}|call0:call00002/a{}|call1:real/b{}|"
                                "call2:late/c{\"x\":1}|start3:call00004/|call3:call00004/{}| 3/");
    reply_over(&r);
}

static void test_tool_limit(void **state) {
    llmfi_reply r;
    int i;
    (void)state;
    reply_begin(&r, true, "host", NULL);
    for (i = 0; i < LLMF_MAX_TOOL_CALLS; i++) assert_int_equal(llmfi_reply_tool_begin(&r, i, s(""), s("f")), i);
    assert_int_equal(r.error.code, LLMF_OK);
    assert_int_equal(llmfi_reply_tool_begin(&r, i, s(""), s("f")), -1);
    assert_int_equal(r.error.code, LLMF_ERR_LIMIT);
    llmfi_reply_end(&r, true);
    assert_int_equal(r.call_count, 0); /* a reply that failed has no calls to run */
    reply_over(&r);
}

/* ---- finish and usage ---- */

static void test_finish(void **state) {
    static const struct {
        const char *word;
        bool refused, called;
        int finish;
    } cases[] = {
        { "stop", false, false, LLMF_FINISH_STOP }, { "eos", false, false, LLMF_FINISH_STOP }, { "STOP_SEQUENCE", false, false, LLMF_FINISH_STOP },
        { "max_tokens", false, true, LLMF_FINISH_LENGTH }, { "tool_use", false, false, LLMF_FINISH_TOOL_CALLS }, { "SPII", true, true, LLMF_FINISH_CONTENT_FILTER },
        { "refusal", false, false, LLMF_FINISH_REFUSAL }, { "stop", true, true, LLMF_FINISH_REFUSAL }, { "stop", false, true, LLMF_FINISH_TOOL_CALLS },
        { "", true, false, LLMF_FINISH_REFUSAL }, { "", false, true, LLMF_FINISH_TOOL_CALLS }, { "", false, false, LLMF_FINISH_OTHER },
        { "pause_turn", false, true, LLMF_FINISH_OTHER }, { "Stop", false, false, LLMF_FINISH_OTHER },
    };
    size_t i;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(cases); i++) {
        llmfi_reply r;
        reply_begin(&r, true, "host", NULL);
        if (cases[i].refused) llmfi_reply_refusal(&r, s("no"));
        if (cases[i].called) llmfi_reply_tool_begin(&r, -1, s("i"), s("f"));
        llmfi_reply_finish(&r, s(cases[i].word));
        r.terminal = true;
        llmfi_reply_end(&r, true);
        assert_int_equal(r.finish, cases[i].finish);
        reply_over(&r);
    }
}

static void test_usage(void **state) {
    enum { U = -1 };
    static const struct {
        bool chat;
        int64_t total, audio;
        llmf_usage in, out;
    } cases[] = {
        { true, 15, U, { 10, U, U, 5, U }, { 10, U, U, 5, U } },
        { true, 115, U, { 10, U, U, 5, 100 }, { 10, U, U, 105, 100 } },       /* reasoning kept out of output */
        { true, U, U, { 10, U, U, 5, 100 }, { 10, U, U, 105, 100 } },
        { true, 20, 5, { 10, U, U, 5, U }, { 15, U, U, 5, U } },              /* audio kept out of input */
        { true, 20, 4, { 10, U, U, 5, U }, { 10, U, U, 10, U } },             /* something else: output */
        { true, 20, U, { 10, U, U, U, U }, { 10, U, U, U, U } },              /* not sent is not known */
        { false, 20, U, { 10, U, U, 5, 9 }, { 10, U, U, 5, 5 } },
        { true, 15, U, { 10, 12, 11, 5, 5 }, { 10, 10, 10, 5, 5 } },
        { true, 0, U, { 0, 0, 0, 0, 0 }, { 0, 0, 0, 0, 0 } },
        { true, INT64_MAX, U, { INT64_MAX, U, U, INT64_MAX, U }, { INT64_MAX, U, U, INT64_MAX, U } },
    };
    size_t i;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(cases); i++) {
        llmfi_reply r;
        llmf_event ev;
        reply_begin(&r, true, "host", NULL);
        r.usage = cases[i].in;
        r.total_tokens = cases[i].total;
        r.audio_tokens = cases[i].audio;
        r.chat_counts = cases[i].chat;
        r.terminal = true;
        llmfi_reply_end(&r, true);
        llmfi_reply_end(&r, true); /* twice is once */
        assert_true(llmfi_reply_next(&r, &ev) && ev.type == LLMF_EVENT_USAGE);
        assert_memory_equal(ev.usage, &cases[i].out, sizeof cases[i].out);
        assert_false(llmfi_reply_next(&r, &ev));
        reply_over(&r);
    }
    assert_int_equal(llmfi_reply_sum(-1, -1), -1);
    assert_int_equal(llmfi_reply_sum(-1, 3), 3);
    assert_int_equal(llmfi_reply_sum(3, -1), 3);
    assert_int_equal(llmfi_reply_sum(INT64_MAX, 3), INT64_MAX);
}

static void test_numbers(void **state) {
    static const struct {
        const char *json;
        int64_t n;
    } cases[] = { { "12", 12 }, { "12.0", 12 }, { "1.2e1", 12 }, { "-3", -1 }, { "1.5", -1 }, { "\"12\"", -1 }, { "null", -1 }, { "99999999999999999999", -1 } };
    size_t i;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(cases); i++) {
        llmfi_json j;
        llmfi_json_init(&j, s(cases[i].json), true);
        llmfi_json_next(&j);
        assert_int_equal(llmfi_reply_number(&j), cases[i].n);
    }
}

/* ---- citations ---- */

static void test_citations(void **state) {
    llmfi_reply r;
    reply_log l = { "", 0, { "", "", "" } };
    int i;
    (void)state;
    reply_begin(&r, true, "host", NULL);
    llmfi_reply_citation(&r, s("u1"), s(""));
    llmfi_reply_citation(&r, s("u2"), s("two"));
    llmfi_reply_citation(&r, s("u1"), s("one"));
    llmfi_reply_citation(&r, s("u1"), s("uno"));
    llmfi_reply_citation(&r, s(""), s("a book"));
    llmfi_reply_citation(&r, s(""), s("a book"));
    llmfi_reply_citation(&r, s(""), s(""));
    r.terminal = true;
    llmfi_reply_end(&r, true);
    log_end(&l, &r);
    assert_string_equal(l.text, " 6/ <u1 one> <u2 two> < a book>");
    for (i = 0; i < 2 * LLMF_MAX_CITATIONS; i++) {
        char url[32];
        snprintf(url, sizeof url, "http://%d", i);
        llmfi_reply_citation(&r, s(url), s(""));
    }
    assert_int_equal(r.citations.len / sizeof(llmf_citation), LLMF_MAX_CITATIONS);
    assert_int_equal(r.error.code, LLMF_OK);
    reply_over(&r);
}

/* ---- the end, and what is cut ---- */

static void test_truncated(void **state) {
    llmfi_reply r;
    llmf_event ev;
    (void)state;
    reply_begin(&r, true, "host", NULL);
    llmfi_reply_text(&r, s("half"));
    llmfi_reply_tool_begin(&r, 0, s("i"), s("f"));
    llmfi_reply_end(&r, false);
    assert_int_equal(r.error.code, LLMF_ERR_TRUNCATED);
    assert_int_equal(r.error.http_status, 200);
    assert_int_equal(r.finish, LLMF_FINISH_NONE);
    assert_string_equal(r.error.text, "host: the connection broke before the end of the reply; what had arrived is in the response");
    while (llmfi_reply_next(&r, &ev)) assert_int_not_equal(ev.type, LLMF_EVENT_TOOL_CALL);
    assert_string_equal(llmfi_reply_text_of(&r.text).ptr, "half");
    assert_int_equal(r.call_count, 0);
    reply_over(&r);
    reply_begin(&r, true, "host", NULL);
    r.terminal = true;
    llmfi_reply_end(&r, false); /* broken after the terminal event: nothing is missing */
    assert_int_equal(r.error.code, LLMF_OK);
    reply_over(&r);
}

static void test_rollback(void **state) {
    llmfi_reply r;
    reply_log l = { "", 0, { "", "", "" } };
    llmfi_json j;
    (void)state;
    reply_begin(&r, true, "host", NULL);
    llmfi_reply_text(&r, s("kept"));
    llmfi_reply_tool_begin(&r, 0, s("i0"), s("f0"));
    llmfi_reply_tool_args(&r, 0, s("{\"a\":"));
    llmfi_reply_tool_begin(&r, 1, s("i1"), s(""));
    llmfi_reply_tool_args(&r, 1, s("{}"));
    llmfi_reply_finish(&r, s("first"));
    llmfi_reply_mark(&r);
    llmfi_reply_text(&r, s(" lost"));
    llmfi_reply_reasoning(&r, s("lost"));
    llmfi_reply_tool_args(&r, 0, s("lost"));
    llmfi_reply_tool_name(&r, 1, s(""), s("f1"));
    llmfi_reply_tool_args(&r, 1, s("lost"));
    llmfi_reply_tool_args(&r, llmfi_reply_tool_begin(&r, 2, s("i2"), s("f2")), s("lost"));
    llmfi_reply_tool_end(&r, 0);
    llmfi_reply_finish(&r, s("stop"));
    llmfi_reply_citation(&r, s("u"), s(""));
    r.usage.input = 5;
    r.terminal = true;
    llmfi_json_init(&j, s("{\"a\" 1}"), true);
    llmfi_json_skip(&j);
    llmfi_reply_bad_frame(&r, &j, s("{\"a\" 1}"));
    assert_int_equal(r.error.code, LLMF_ERR_PROTOCOL);
    assert_string_equal(r.error.text, "host: the reply is not JSON (byte 5: : is expected): is the base URL right?");
    assert_false(r.terminal);
    assert_int_equal(r.usage.input, LLMF_UNKNOWN);
    assert_int_equal(r.citations.len, 0);
    assert_int_equal(llmfi_reply_tool_count(&r), 2);
    assert_int_equal(llmfi_reply_tool(&r, 0)->args.len, 5);
    assert_int_equal(llmfi_reply_tool(&r, 1)->args.len, 2);
    assert_false(llmfi_reply_tool(&r, 0)->ended || llmfi_reply_tool(&r, 1)->started);
    assert_string_equal(r.finish_raw.ptr, "first");
    log_drain(&l, &r);
    assert_string_equal(l.text, "T:kept|start0:i0/f0|delta0:{\"a\":|");
    reply_over(&r);
}

/* A frame that the end of the bytes cuts is no error of its own; one that is whole, is. */
static void test_tail(void **state) {
    static const struct {
        bool streamed, tail;
        const char *frame;
        int code;
    } cases[] = {
        { true, false, "{\"a\":", LLMF_ERR_PROTOCOL }, { true, true, "{\"a\":", LLMF_OK }, { true, true, "[DON", LLMF_OK }, { false, true, "{\"a\":", LLMF_OK },
        { false, true, "", LLMF_OK }, { false, true, "<html>", LLMF_ERR_PROTOCOL }, { false, true, "{\"a\":}", LLMF_ERR_PROTOCOL },
    };
    size_t i;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(cases); i++) {
        llmfi_reply r;
        llmfi_json j;
        reply_begin(&r, cases[i].streamed, "host", NULL);
        r.tail = cases[i].tail;
        llmfi_reply_mark(&r);
        llmfi_json_init(&j, s(cases[i].frame), true);
        llmfi_json_skip(&j);
        assert_non_null(j.error);
        llmfi_reply_bad_frame(&r, &j, s(cases[i].frame));
        assert_int_equal(r.error.code, cases[i].code);
        llmfi_reply_end(&r, true);
        assert_int_equal(r.error.code, cases[i].code ? cases[i].code : LLMF_ERR_TRUNCATED);
        reply_over(&r);
    }
}

/* ---- limits and memory ---- */

static void test_limit(void **state) {
    llmfi_reply r;
    (void)state;
    reply_begin(&r, true, "host", NULL);
    r.limit = 10;
    llmfi_reply_text(&r, s("012345678"));
    llmfi_reply_text(&r, s("9"));
    assert_int_equal(r.error.code, LLMF_OK);
    llmfi_reply_text(&r, s("x"));
    assert_int_equal(r.error.code, LLMF_ERR_LIMIT);
    assert_string_equal(llmfi_reply_text_of(&r.text).ptr, "0123456789");
    reply_over(&r);
}

/* A reply with everything in it; true when it came through. */
static bool everything(llmfi_reply *r, reply_log *l) {
    int i;
    for (i = 0; i < 40; i++) {
        llmfi_reply_mark(r);
        llmfi_reply_text(r, s("some text that makes the buffer grow now and then"));
        json_text(r, "\"\\u00e9\xff\"");
        llmfi_reply_reasoning(r, s("a thought"));
        if (i % 10 == 0) llmfi_reply_tool_begin(r, i, s(i % 20 ? "" : "id"), s("f"));
        llmfi_reply_tool_args(r, llmfi_reply_tool_count(r) - 1 < 0 ? 0 : llmfi_reply_tool_count(r) - 1, s("[]"));
        llmfi_reply_citation(r, s(i % 2 ? "u" : "v"), s("t"));
        if (r->error.code) return false;
        if (i % 3 == 0) log_drain(l, r);
    }
    llmfi_reply_finish(r, s("stop"));
    r->terminal = true;
    llmfi_reply_end(r, true);
    log_drain(l, r);
    return r->error.code == LLMF_OK;
}

static void test_memory_refused(void **state) {
    uint64_t n, requests = 0;
    int on;
    (void)state;
    for (on = 0; on < 2; on++)
        for (n = 0; n == 0 || n <= requests; n++) {
            llmfi_reply r;
            reply_log l = { "", 0, { "", "", "" } };
            bool fine;
            reply_begin(&r, true, "host", NULL);
            r.streamed = true;
            reply_heap.fail_at = n;
            reply_heap.fail_on = on != 0;
            if (n && llmfi_reply_tool_begin(&r, 99, s("i"), s("first")) < 0) fine = false;
            else fine = (n || llmfi_reply_tool_begin(&r, 99, s("i"), s("first")) == 0) && everything(&r, &l);
            if (!n) {
                assert_true(fine);
                requests = reply_heap.requests;
                assert_true(requests > 10);
            } else if (!fine) {
                assert_int_equal(r.error.code, LLMF_ERR_MEMORY);
                assert_non_null(strstr(r.error.text, "llmf_desc.memory_size"));
            }
            log_drain(&l, &r);
            assert_int_equal(strncmp(llmfi_reply_text_of(&r.text).ptr, l.said[0], strlen(l.said[0])), 0);
            reply_over(&r);
        }
}

/* ---- the public functions ---- */

static void test_public(void **state) {
    llmfi_reply r;
    reply_log l = { "", 0, { "", "", "" } };
    llmf_usage u = { 3, -1, -1, 4, -1 };
    (void)state;
    reply_begin(&r, true, "host", NULL);
    llmf_reply_text(&r, s("a\xff"));
    llmf_reply_reasoning(&r, s("b"));
    llmf_reply_tool(&r, s(""), s("f"), s("{}"));
    llmf_reply_finish(&r, s("done"));
    llmf_reply_usage(&r, &u);
    llmf_reply_done(&r);
    llmfi_reply_end(&r, true);
    log_drain(&l, &r);
    log_end(&l, &r);
    assert_string_equal(l.text, "T:a\xef\xbf\xbd|R:b|start0:call00001/f|delta0:{}|call0:call00001/f{}|usage:3,-1,-1,4,-1| 6/done");
    reply_over(&r);
    reply_begin(&r, true, "host", NULL);
    llmf_reply_error(&r, LLMF_ERR_QUOTA, s("broke"), s("no money"));
    llmf_reply_error(&r, LLMF_ERR_SERVER, s("x"), s("y"));
    llmf_reply_text(&r, s("too late"));
    assert_int_equal(r.error.code, LLMF_ERR_QUOTA);
    assert_string_equal(r.error.provider_code, "broke");
    assert_string_equal(r.error.message.ptr, "no money");
    assert_int_equal(r.text.len, 0);
    reply_over(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_events), cmocka_unit_test(test_decoding), cmocka_unit_test(test_lent), cmocka_unit_test(test_discard),
        cmocka_unit_test(test_tool_arguments), cmocka_unit_test(test_tool_ids), cmocka_unit_test(test_tool_limit), cmocka_unit_test(test_finish),
        cmocka_unit_test(test_usage), cmocka_unit_test(test_numbers), cmocka_unit_test(test_citations), cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_rollback), cmocka_unit_test(test_tail), cmocka_unit_test(test_limit), cmocka_unit_test(test_memory_refused),
        cmocka_unit_test(test_public),
    };
    return cmocka_run_group_tests_name("reply", tests, NULL, NULL);
}
