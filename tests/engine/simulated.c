/* llmf_request.simulate_stream: a reply that comes whole is handed out a few words at each llmf_poll. The pieces joined are the text, no character is cut, and the end comes
   last; by llmf_next and by callback, from the cache, the mock and behind filters; cancelled and freed at every piece, short of memory at every allocation. */
#include "script.h"

static script s;
static kit_seen seen;

#define TEXT "Once  upon a time,\nthere was \xc3\xa9t\xc3\xa9;\ttwo \xe4\xb8\xad\xe6\x96\x87\xe4\xb8\xad\xe6\x96\x87\xe4\xb8\xad\xe6\x96\x87\xe4\xb8\xad\xe6\x96\x87\xe4\xb8\xad\xe6\x96\x87\xe4\xb8\xad\xe6\x96\x87\xe4\xb8\xad\xe6\x96\x87\xe4\xb8\xad\xe6\x96\x87\xe4\xb8\xad\xe6\x96\x87\xe4\xb8\xad\xe6\x96\x87 \xf0\x9f\x98\x80! \n"
#define TEXT_JSON "Once  upon a time,\\nthere was \xc3\xa9t\xc3\xa9;\\ttwo \xe4\xb8\xad\xe6\x96\x87\xe4\xb8\xad\xe6\x96\x87\xe4\xb8\xad\xe6\x96\x87\xe4\xb8\xad\xe6\x96\x87\xe4\xb8\xad\xe6\x96\x87\xe4\xb8\xad\xe6\x96\x87\xe4\xb8\xad\xe6\x96\x87\xe4\xb8\xad\xe6\x96\x87\xe4\xb8\xad\xe6\x96\x87\xe4\xb8\xad\xe6\x96\x87 \xf0\x9f\x98\x80! \\n"
enum { WORDS = 11 }; /* the Chinese without blanks counts as two */
static const char whole[] = "{\"id\":\"a\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"reasoning_content\":\"I think so\",\"content\":\"" TEXT_JSON "\","
    "\"tool_calls\":[{\"id\":\"call_a\",\"type\":\"function\",\"function\":{\"name\":\"look\",\"arguments\":\"{\\\"a b\\\":1}\"}}]},\"finish_reason\":\"tool_calls\"}],"
    "\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":3}}";
static const char *body;

static script_reply answering(script *x, const llmf_http_request *req, int n) {
    script_reply r;
    (void)x, (void)req, (void)n;
    memset(&r, 0, sizeof r);
    r.delay_ms = 1;
    r.status = 200;
    r.body = body;
    return r;
}

static llmf_factory *open_with(llmf_desc *with) {
    llmf_desc d = script_desc(&s, answering);
    llmf_error err;
    llmf_factory *f;
    if (with) {
        d.cache_mode = with->cache_mode;
        d.filters = with->filters;
        d.filter_count = with->filter_count;
    }
    d.no_env = true;
    d.config_text = "models:\n  m: {provider: p, model_id: m-1}\n  mock: {provider: mock, model_id: any}\nproviders:\n  p: {dialect: openai, base_url: 'http://a.test/v1', auth: none}\n";
    body = whole;
    f = llmf_open(&d, &err);
    if (!f) fail_msg("%s", err.text);
    kit_forget(&seen);
    return f;
}

static void close_all(llmf_factory *f) {
    llmf_close(f);
    assert_int_equal(s.under_way, 0);
    kit_drop(&s.w.log);
    kit_forget(&seen);
}

static llmf_call start(llmf_factory *f, const char *model, int words, uint32_t flags, int (*on_event)(void *, const llmf_event *)) {
    llmf_request r = kit_request(true);
    llmf_error err;
    r.simulate_stream = words;
    r.flags = flags;
    r.on_event = on_event;
    return llmf_start(f, llmf_get(f, model, &err), &r);
}

/* What comes of one round: at most one piece. */
static int pieces, most;
static bool round_of(llmf_factory *f, llmf_call c) {
    llmf_event ev;
    int texts = 0;
    while (llmf_next(f, c, &ev)) {
        if (ev.type <= LLMF_EVENT_REFUSAL) {
            texts++;
            pieces++;
            if (!llmfi_utf8_valid(ev.text, NULL)) fail_msg("a character is cut");
        }
        kit_see(&seen, &ev);
    }
    if (texts > most) most = texts;
    return seen.finals != 0;
}

static void run(llmf_factory *f, llmf_call c) {
    int i;
    pieces = most = 0;
    for (i = 0; i < 10000 && !round_of(f, c); i++)
        if (!script_step(&s, f)) llmf_poll(f, 0);
    assert_int_equal(seen.finals, 1);
}

static void good(int words) {
    assert_int_equal(seen.code, LLMF_OK);
    assert_string_equal(kit_cstr(&seen.text), TEXT);
    assert_string_equal(kit_cstr(&seen.reasoning), "I think so");
    assert_int_equal(most, 1);
    assert_int_equal(pieces, (3 + words - 1) / words + (WORDS + words - 1) / words);
    assert_true(kit_is(seen.response.text, TEXT));
    assert_true(kit_has(kit_cstr(&seen.log), "tool_call 0 call_a look {\"a b\":1}\nusage\n"));
}

static void piece_by_piece(void **state) {
    int words;
    (void)state;
    for (words = 1; words <= 13; words++) {
        llmf_factory *f = open_with(NULL);
        llmf_call c = start(f, "m", words, 0, NULL);
        run(f, c);
        good(words);
        if (words == 4) assert_true(kit_has(kit_cstr(&seen.log), "reasoning I think so\ntext Once  upon a time,\n\ntext there was \xc3\xa9t\xc3\xa9;\ttwo \n"));
        llmf_free(f, c);
        close_all(f);
    }
}

static int on_event(void *user, const llmf_event *ev) {
    (void)user;
    if (ev->type <= LLMF_EVENT_REFUSAL) pieces++;
    kit_see(&seen, ev);
    return LLMF_CONTINUE;
}

static void by_callback(void **state) {
    llmf_factory *f = open_with(NULL);
    llmf_call c = start(f, "m", 2, 0, on_event);
    int i, before;
    (void)state;
    pieces = 0;
    for (i = 0; i < 100 && !seen.finals; i++) {
        before = pieces;
        if (!script_step(&s, f)) llmf_poll(f, -1);
        assert_true(pieces <= before + 1);
    }
    most = 1;
    good(2);
    llmf_free(f, c);
    close_all(f);
}

/* llmf_generate and llmf_wait go on until the last piece has been told. */
static void blocking(void **state) {
    llmf_factory *f = open_with(NULL);
    llmf_request r = kit_request(true);
    llmf_response got;
    llmf_error err;
    llmf_call c;
    (void)state;
    s.w.step = 100000;
    r.simulate_stream = 3;
    r.on_event = on_event;
    pieces = 0;
    assert_int_equal(llmf_generate(f, llmf_get(f, "m", &err), &r, &got), LLMF_OK);
    assert_int_equal(seen.finals, 1);
    most = 1;
    good(3);
    llmf_release(f, &got);
    kit_forget(&seen);
    pieces = 0;
    c = start(f, "m", 3, 0, on_event);
    assert_int_equal(llmf_wait(f, c), LLMF_OK);
    good(3);
    llmf_free(f, c);
    r.on_event = NULL;
    assert_int_equal(llmf_generate(f, llmf_get(f, "m", &err), &r, &got), LLMF_OK);
    assert_true(kit_is(got.text, TEXT));
    llmf_release(f, &got);
    close_all(f);
}

static void discarded(void **state) {
    llmf_factory *f = open_with(NULL);
    llmf_call c = start(f, "m", 1, LLMF_DISCARD_TEXT, NULL);
    (void)state;
    run(f, c);
    assert_string_equal(kit_cstr(&seen.text), TEXT);
    assert_int_equal(pieces, 3 + WORDS);
    assert_int_equal(seen.response.text.len, 0);
    llmf_free(f, c);
    close_all(f);
}

/* One that streams stays as it is; so does one for which nobody asked. */
static void as_it_is(void **state) {
    llmf_factory *f = open_with(NULL);
    llmf_call c;
    (void)state;
    body = KIT_STORY;
    c = start(f, "m", 1, 0, NULL);
    run(f, c);
    assert_string_equal(kit_cstr(&seen.text), KIT_STORY_TEXT);
    assert_int_equal(pieces, 6);
    assert_true(most > 1);
    llmf_free(f, c);
    kit_forget(&seen);
    body = whole;
    c = start(f, "m", 0, 0, NULL);
    run(f, c);
    assert_int_equal(pieces, 2);
    llmf_free(f, c);
    kit_forget(&seen);
    c = start(f, "m", -1, 0, NULL);
    run(f, c);
    assert_int_equal(seen.code, LLMF_ERR_ARGUMENT);
    assert_true(kit_has(seen.error, "simulate_stream"));
    llmf_free(f, c);
    close_all(f);
}

static int shows_whole(void *user, llmf_filter_writer *w, const llmf_event *event) {
    (void)user, (void)w, (void)event;
    return LLMF_FILTER_PASS;
}

/* An answer that was kept, though it had streamed; the mock; a filter that wants to see all of it. */
static void from_elsewhere(void **state) {
    llmf_desc d;
    llmf_filter filter;
    llmf_factory *f;
    llmf_call c;
    int i;
    (void)state;
    memset(&d, 0, sizeof d);
    d.cache_mode = LLMF_CACHE_ON;
    f = open_with(&d);
    body = KIT_STORY;
    for (i = 0; i < 2; i++) {
        kit_forget(&seen);
        c = start(f, "m", 2, 0, NULL);
        run(f, c);
        assert_string_equal(kit_cstr(&seen.text), KIT_STORY_TEXT);
        assert_int_equal(seen.response.cached, i);
        llmf_free(f, c);
    }
    assert_int_equal(most, 1);
    assert_int_equal(pieces, 3);
    close_all(f);
    f = open_with(NULL);
    {
        llmf_request r = kit_request(false);
        llmf_error err;
        r.simulate_stream = 2;
        c = llmf_start(f, llmf_get(f, "mock", &err), &r);
    }
    run(f, c);
    assert_true(seen.text.len > 0 && kit_is(seen.response.text, kit_cstr(&seen.text)));
    assert_int_equal(most, 1);
    assert_true(pieces > 1);
    llmf_free(f, c);
    close_all(f);
    memset(&d, 0, sizeof d);
    memset(&filter, 0, sizeof filter);
    filter.name = "all";
    filter.whole = shows_whole;
    d.filters = &filter;
    d.filter_count = 1;
    f = open_with(&d);
    body = KIT_STORY;
    c = start(f, "m", 2, 0, NULL);
    run(f, c);
    assert_string_equal(kit_cstr(&seen.text), KIT_STORY_TEXT);
    assert_int_equal(most, 1);
    assert_int_equal(pieces, 3);
    llmf_free(f, c);
    close_all(f);
}

/* Cancelled at each piece: the rest comes in one, then the end. Freed at each piece. */
static int stop_at;
static int stopping(void *user, const llmf_event *ev) {
    on_event(user, ev);
    return pieces >= stop_at ? LLMF_STOP : LLMF_CONTINUE;
}

static void stopped_everywhere(void **state) {
    int at, way, i;
    (void)state;
    for (at = 1; at <= 3 + WORDS; at++)
        for (way = 0; way < 3; way++) {
            llmf_factory *f = open_with(NULL);
            llmf_call c = start(f, "m", 1, 0, way == 1 ? stopping : NULL);
            stop_at = at;
            pieces = 0;
            for (i = 0; i < 100 && !seen.finals && f->calls; i++) {
                if (way != 1) round_of(f, c);
                if (pieces >= at && way == 0) llmf_cancel(f, c);
                if (pieces >= at && way == 2) llmf_free(f, c);
                if (!seen.finals && f->calls && !script_step(&s, f)) llmf_poll(f, 0);
            }
            if (way != 2) {
                assert_int_equal(seen.finals, 1);
                assert_true(kit_is(seen.response.text, TEXT) || seen.code == LLMF_ERR_CANCELLED); /* LLMF_STOP at the first piece, before the end is known */
                if (seen.code == LLMF_OK) assert_string_equal(kit_cstr(&seen.text), TEXT);
            }
            llmf_free(f, c);
            close_all(f);
        }
}

static void no_memory(void **state) {
    uint64_t nth;
    (void)state;
    for (nth = 1; nth < 200; nth++) {
        llmf_factory *f = open_with(NULL);
        llmf_memory_info before, after;
        llmf_call c;
        llmf_free(f, start(f, "m", 2, 0, NULL)); /* the model is known by now */
        llmf_memory(f, &before);
        llmf_fail_memory(f, nth, false);
        c = start(f, "m", 2, 0, NULL);
        if (c.id) {
            run(f, c);
            assert_true(seen.code == LLMF_OK || seen.code == LLMF_ERR_MEMORY);
            if (seen.code == LLMF_OK) good(2);
            llmf_free(f, c);
        }
        llmf_memory(f, &after);
        close_all(f);
        if (after.requests - before.requests < nth) break;
    }
    printf("%u places without memory\n", (unsigned)nth - 1);
    assert_true(nth > 5 && nth < 200);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(piece_by_piece), cmocka_unit_test(by_callback), cmocka_unit_test(blocking), cmocka_unit_test(discarded), cmocka_unit_test(as_it_is),
        cmocka_unit_test(from_elsewhere), cmocka_unit_test(stopped_everywhere), cmocka_unit_test(no_memory)
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
