/* Many requests through one call: in order and as they end, some of them failing; cancelled at every result, freed, resumed; short of memory at every allocation, short of
   room; memory that does not grow with their number. The world is script.h's: a clock that moves from one thing that happens to the next. */
#include "script.h"

static script s;
static size_t used;                          /* of the heap, by what a factory keeps behind its first call */

#define ANSWER(text) "{\"id\":\"a\",\"object\":\"chat.completion\",\"model\":\"m-1\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"" text \
    "\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":3,\"prompt_tokens_details\":{\"cached_tokens\":0}," \
    "\"completion_tokens_details\":{\"reasoning_tokens\":0}}}"
#define CONFIG \
    "providers:\n  p: {dialect: openai, base_url: 'http://a.test/v1', auth: none}\n" \
    "models:\n  m: {provider: p, model_id: m-1, input_token_cost_usd_per_million: 1, output_token_cost_usd_per_million: 2}\n"

/* Each prompt is its number; each answer is the same number. */
enum { ANSWERS = 8192 };
static char bodies[ANSWERS][360];
static int asked_at_once, fail_each;          /* the most there were under way; every so many-th request fails */

static script_reply answering(script *x, const llmf_http_request *req, int n) {
    script_reply r;
    const char *at = strstr(x->body, "\"content\":\"");
    size_t number = at ? strtoul(at + 11, NULL, 10) : 0;
    (void)req, (void)n;
    memset(&r, 0, sizeof r);
    if (x->under_way + 1 > asked_at_once) asked_at_once = x->under_way + 1;
    r.delay_ms = (int64_t)(1 + (number * 7919) % 50);   /* they end in another order than they begin */
    r.status = fail_each && number % (size_t)fail_each == 3 ? 500 : 200;
    snprintf(bodies[number % ANSWERS], sizeof bodies[0], ANSWER("%u"), (unsigned)number);
    r.body = r.status == 200 ? bodies[number % ANSWERS] : "{\"error\":{\"message\":\"no\",\"type\":\"t\",\"code\":\"c\"}}";
    if (strstr(x->body, "\"stream\":true")) r.body = KIT_STORY;
    return r;
}

/* What the hooks have seen. */
typedef struct seen {
    llmf_factory *f;
    llmf_call call;
    size_t total, asked, told, failed, out_of_order, wrong, last, stop_at, free_at, next;
    int rc_at_stop, under_way;
    unsigned char done[20000];
    char prompt[32];
} seen;
static seen w;

static int give(void *user, size_t i, llmf_request *req, llmf_model *m) {
    seen *v = (seen *)user;
    (void)m;
    v->asked++;
    if (i < v->next) v->wrong++; /* each is asked for once */
    v->next = i + 1;
    if (i >= v->total) return LLMF_STOP;
    if (v->done[i]) return LLMF_SKIP;
    snprintf(v->prompt, sizeof v->prompt, "%u", (unsigned)i);
    req->prompt = v->prompt;
    return LLMF_CONTINUE;
}

static int take(void *user, const llmf_batch_item *item) {
    seen *v = (seen *)user;
    char text[32];
    snprintf(text, sizeof text, "%u", (unsigned)item->index);
    if (v->told && item->index < v->last) v->out_of_order++;
    v->last = item->index;
    v->told++;
    if (item->done != v->told) v->wrong++;
    if (item->response->error.code != LLMF_OK) v->failed++;
    else if (!kit_is(item->response->text, text)) v->wrong++;
    if (item->failed != v->failed) v->wrong++;
    if (v->done[item->index]++) v->wrong++;
    if (item->under_way > v->under_way) v->under_way = item->under_way;
    if (v->free_at && v->told == v->free_at) llmf_free(v->f, v->call);
    return v->stop_at && v->told == v->stop_at ? v->rc_at_stop : LLMF_CONTINUE;
}

static llmf_factory *open_with(llmf_desc *d, size_t total) {
    llmf_desc own = script_desc(&s, answering);
    llmf_request first;
    llmf_error err;
    llmf_factory *f;
    if (d) {
        own.max_calls = d->max_calls;
        own.memory_size = d->memory_size;
        own.cache_mode = d->cache_mode;
        own.metrics = d->metrics;
        own.slice_us = d->slice_us;
    }
    own.retry.max_retries = -1;  /* else those that wait to be repeated pile up */
    own.log_level = LLMF_LOG_WARNING;
    own.no_env = true;
    own.config_text = CONFIG;
    f = llmf_open(&own, &err);
    if (!f) fail_msg("%s", err.text);
    memset(&first, 0, sizeof first);
    first.prompt = "0";
    llmf_free(f, llmf_start(f, llmf_get(f, "m", &err), &first));
    used = kit_used(f);
    s.asked = asked_at_once = fail_each = 0;
    memset(&w, 0, sizeof w);
    w.f = f;
    w.total = total;
    w.rc_at_stop = LLMF_STOP;
    return f;
}

static llmf_batch batch_of(llmf_factory *f) {
    llmf_batch b;
    llmf_error err;
    memset(&b, 0, sizeof b);
    b.model = llmf_get(f, "m", &err);
    assert_true(b.model.id != 0);
    b.request = give;
    b.result = take;
    b.user = &w;
    return b;
}

static char texts[512];
static llmf_response last;

/* Until its final event; how it ended. */
static int run(llmf_factory *f, const llmf_batch *b) {
    llmf_event ev;
    int i;
    w.next = 0;
    w.call = llmf_start_batch(f, b);
    assert_true(w.call.id != 0);
    for (i = 0; i < 2000000; i++) {
        if (llmf_next(f, w.call, &ev)) {
            assert_true(ev.type == LLMF_EVENT_DONE || ev.type == LLMF_EVENT_ERROR);
            last = *ev.response;
            snprintf(texts, sizeof texts, "%s", ev.response->error.text);
            assert_false(llmf_next(f, w.call, &ev));
            llmf_free(f, w.call);
            return last.error.code;
        }
        if (!script_step(&s, f)) break;
    }
    fail_msg("the batch does not end: %u results", (unsigned)w.told);
    return -1;
}

static void close_all(llmf_factory *f) {
    assert_int_equal(f->active, 0);
    assert_null(f->calls);
    assert_int_equal(kit_used(f), used);
    llmf_close(f);
    assert_int_equal(s.under_way, 0);
    kit_drop(&s.w.log);
}

/* ---- as it should be ---- */

static void all_of_them(void **state) {
    int order;
    (void)state;
    for (order = 0; order < 2; order++) {
        llmf_factory *f = open_with(NULL, 300);
        llmf_batch b = batch_of(f);
        b.count = 300;
        b.in_order = order;
        fail_each = 10;
        assert_int_equal(run(f, &b), LLMF_OK);
        assert_int_equal(w.told, 300);
        assert_int_equal(w.asked, 300);
        assert_int_equal(w.failed, 30);
        assert_int_equal(w.wrong, 0);
        assert_true(order ? w.out_of_order == 0 : w.out_of_order > 50);
        assert_int_equal(asked_at_once, 16);
        assert_int_equal(last.usage.input, 7 * 270);
        assert_int_equal(last.usage.output, 3 * 270);
        assert_int_equal(last.cost_pico, INT64_C(270) * (7 * 1000000 + 3 * 2000000));
        close_all(f);
    }
}

static void without_a_count(void **state) {
    llmf_factory *f = open_with(NULL, 41);
    llmf_batch b = batch_of(f);
    (void)state;
    b.at_once = 5;
    assert_int_equal(run(f, &b), LLMF_OK);
    assert_int_equal(w.told, 41);
    assert_int_equal(w.asked, 42);
    assert_int_equal(asked_at_once, 5);
    assert_int_equal(w.wrong + w.failed, 0);
    close_all(f);
    f = open_with(NULL, 0);
    b = batch_of(f);
    assert_int_equal(run(f, &b), LLMF_OK);
    assert_int_equal(w.told, 0);
    assert_int_equal(last.usage.input, LLMF_UNKNOWN);
    close_all(f);
}

static void an_array(void **state) {
    static char prompts[50][8];
    static llmf_request requests[50];
    static llmf_response responses[50];
    llmf_desc d;
    llmf_factory *f;
    llmf_batch b;
    unsigned i;
    (void)state;
    memset(&d, 0, sizeof d);
    memset(requests, 0, sizeof requests);
    memset(responses, 0, sizeof responses);
    for (i = 0; i < 50; i++) {
        snprintf(prompts[i], sizeof prompts[i], "%u", i);
        requests[i].prompt = prompts[i];
    }
    d.max_calls = 52;
    f = open_with(&d, 0);
    b = batch_of(f);
    b.request = NULL;
    b.result = NULL;
    b.requests = requests;
    b.responses = responses;
    b.count = 50;
    fail_each = 25;
    w.call = llmf_start_batch(f, &b);
    while (s.w.now < UINT64_C(2000000000000) && f->active) {
        llmf_event ev;
        if (!script_step(&s, f)) break;
        if (llmf_next(f, w.call, &ev)) assert_int_equal(ev.type, LLMF_EVENT_DONE);
    }
    llmf_free(f, w.call);
    for (i = 0; i < 50; i++) { /* they outlive the batch */
        if (i % 25 == 3) assert_int_equal(responses[i].error.code, LLMF_ERR_SERVER);
        else assert_true(kit_is(responses[i].text, prompts[i]));
        llmf_release(f, &responses[i]);
    }
    close_all(f);
}

/* ---- going on ---- */

static void going_on(void **state) {
    static unsigned char skip[200];
    llmf_factory *f = open_with(NULL, 200);
    llmf_batch b = batch_of(f);
    size_t i;
    (void)state;
    w.stop_at = 70;
    b.count = 200;
    assert_int_equal(run(f, &b), LLMF_ERR_CANCELLED);
    assert_int_equal(w.told, 70);
    for (i = 0; i < 200; i++) skip[i] = w.done[i];
    b.skip = skip;
    w.stop_at = w.told = w.failed = w.asked = 0;
    assert_int_equal(run(f, &b), LLMF_OK);
    assert_int_equal(w.told, 130);
    assert_int_equal(w.asked, 130);
    for (i = 0; i < 200; i++) assert_int_equal(w.done[i], 1);
    b.first = 190; /* the hook skips what is done */
    b.skip = NULL;
    w.told = w.asked = 0;
    assert_int_equal(run(f, &b), LLMF_OK);
    assert_int_equal(w.asked, 10);
    assert_int_equal(w.told, 0);
    assert_int_equal(w.wrong, 0);
    close_all(f);
}

/* Stopped at each result: by the hook, by llmf_cancel, by llmf_free in the hook, by llmf_free outside of it. */
static void stopped_everywhere(void **state) {
    size_t at;
    int way;
    (void)state;
    for (at = 1; at <= 24; at++)
        for (way = 0; way < 4; way++) {
            llmf_factory *f = open_with(NULL, 24);
            llmf_batch b = batch_of(f);
            int i;
            b.at_once = 4;
            b.in_order = (int)(at & 1);
            fail_each = 5;
            if (way == 0) w.stop_at = at;
            if (way == 2) w.free_at = at;
            w.call = llmf_start_batch(f, &b);
            for (i = 0; i < 10000 && f->calls; i++) {
                llmf_event ev;
                bool more = script_step(&s, f);
                if (way == 1 && w.told >= at) llmf_cancel(f, w.call);
                if (way == 3 && w.told >= at) llmf_free(f, w.call);
                while (llmf_next(f, w.call, &ev)) {
                    assert_int_equal(ev.response->error.code, at == 24 && way == 1 ? LLMF_OK : LLMF_ERR_CANCELLED);
                    llmf_free(f, w.call);
                }
                if (!more) break;
            }
            if (way == 0 || way == 2) assert_int_equal(w.told, at);
            else assert_true(w.told >= at && w.told < at + 4);
            assert_int_equal(w.wrong, 0);
            close_all(f);
        }
}

/* The program closes everything while it runs. */
static void closed(void **state) {
    size_t at;
    (void)state;
    for (at = 0; at < 60; at++) {
        llmf_factory *f = open_with(NULL, 24);
        llmf_batch b = batch_of(f);
        size_t i;
        b.in_order = (int)(at & 1);
        llmf_start_batch(f, &b);
        for (i = 0; i < at; i++) script_step(&s, f);
        llmf_close(f);
        assert_int_equal(s.under_way, 0);
        kit_drop(&s.w.log);
    }
}

/* ---- what is wrong ---- */

static void refused(llmf_factory *f, const llmf_batch *b, const char *word) {
    int code = run(f, b);
    if (code != LLMF_ERR_ARGUMENT || !kit_has(texts, word)) fail_msg("%d: %s", code, texts);
}

static int bad(void *user, size_t i, llmf_request *req, llmf_model *m) {
    (void)user, (void)i, (void)req, (void)m;
    return 17;
}

static void wrong(void **state) {
    static llmf_request one;
    static llmf_response place;
    llmf_factory *f = open_with(NULL, 5);
    llmf_batch good = batch_of(f), b = good;
    llmf_error err;
    (void)state;
    b.request = NULL, refused(f, &b, "neither requests nor request");
    b.requests = &one, refused(f, &b, "llmf_batch.count");
    b.request = give, refused(f, &b, "both");
    b = good, b.result = NULL, refused(f, &b, "result");
    b = good, b.responses = &place, refused(f, &b, "responses");
    b = good, b.at_once = LLMF_MAX_AT_ONCE + 1, refused(f, &b, "at_once");
    b = good, b.request = bad, refused(f, &b, "must return");
    b = good, b.model.id = 77; /* each is an error of its own */
    assert_int_equal(run(f, &b), LLMF_OK);
    assert_int_equal(w.failed, 5);
    assert_int_equal(last.cost_pico, LLMF_UNKNOWN);
    assert_int_equal(llmf_start_batch(f, NULL).id, 0);
    llmf_last_error(f, &err);
    assert_int_equal(err.code, LLMF_ERR_ARGUMENT);
    assert_int_equal(llmf_start_batch(NULL, &good).id, 0);
    assert_int_equal(llmf_wait(f, w.call), LLMF_ERR_STALE);
    assert_int_equal(llmf_wait(NULL, w.call), LLMF_ERR_ARGUMENT);
    close_all(f);
}

/* Fewer calls than it would like: it makes do. None: it says so. */
static void no_room(void **state) {
    llmf_desc d;
    llmf_factory *f;
    llmf_batch b;
    (void)state;
    memset(&d, 0, sizeof d);
    d.max_calls = 4;
    f = open_with(&d, 50);
    b = batch_of(f);
    assert_int_equal(run(f, &b), LLMF_OK);
    assert_int_equal(w.told, 50);
    assert_int_equal(asked_at_once, 3);
    close_all(f);
    d.max_calls = 1;
    f = open_with(&d, 50);
    b = batch_of(f);
    assert_int_equal(run(f, &b), LLMF_ERR_LIMIT);
    assert_true(kit_has(texts, "max_calls"));
    assert_int_equal(w.told, 0);
    close_all(f);
}

/* ---- memory ---- */

static size_t high_water(size_t n) {
    llmf_desc d;
    llmf_memory_info info;
    llmf_factory *f;
    llmf_batch b;
    memset(&d, 0, sizeof d);
    d.max_calls = 501;
    d.memory_size = 16u << 20;
    f = open_with(&d, n);
    b = batch_of(f);
    b.at_once = 500;
    b.in_order = 0;
    fail_each = 100;
    assert_int_equal(run(f, &b), LLMF_OK);
    assert_int_equal(w.told, n);
    assert_int_equal(w.failed, n / 100);
    assert_int_equal(w.wrong, 0);
    assert_int_equal(asked_at_once, 500);
    llmf_memory(f, &info);
    close_all(f);
    printf("%u requests, 500 at once: at most %u bytes of the block\n", (unsigned)n, (unsigned)info.high_water);
    return info.high_water;
}

static void memory_is_flat(void **state) {
    size_t thousand = high_water(1000);
    (void)state;
    assert_int_equal(high_water(10000), thousand);
}

/* A block that does for a few at a time only. */
static void small_block(void **state) {
    llmf_desc d;
    llmf_factory *f;
    llmf_batch b;
    (void)state;
    memset(&d, 0, sizeof d);
    d.max_calls = 101;
    d.memory_size = 400000;
    f = open_with(&d, 300);
    b = batch_of(f);
    b.at_once = 100;
    assert_int_equal(run(f, &b), LLMF_OK);
    assert_int_equal(w.told, 300);
    assert_int_equal(w.wrong, 0);
    assert_int_equal(w.asked, 301);
    printf("in a block of %u bytes %d were under way at most, and %u of 300 failed\n", (unsigned)d.memory_size, asked_at_once, (unsigned)w.failed);
    assert_true(asked_at_once > 3 && asked_at_once < 100);
    assert_true(kit_has(kit_cstr(&s.w.log), "fewer requests under way"));
    close_all(f);
}

/* No memory at each allocation, once and from then on: some results are errors, and it ends. */
static void no_memory(void **state) {
    uint64_t nth;
    int on, ended = 0;
    (void)state;
    for (on = 0; on < 2; on++)
        for (nth = 1; nth < 400; nth++) {
            llmf_factory *f = open_with(NULL, 12);
            llmf_batch b = batch_of(f);
            llmf_memory_info before, after;
            llmf_event ev;
            int i;
            b.at_once = 3;
            b.in_order = (int)(nth & 1);
            llmf_memory(f, &before);
            llmf_fail_memory(f, nth, on);
            w.call = llmf_start_batch(f, &b);
            for (i = 0; i < 10000 && w.call.id; i++) {
                if (llmf_next(f, w.call, &ev)) break;
                if (!script_step(&s, f)) fail_msg("it does not end: allocation %u", (unsigned)nth);
            }
            if (w.call.id) {
                int code = ev.response->error.code;
                assert_true(code == LLMF_OK || code == LLMF_ERR_MEMORY);
                if (code == LLMF_OK) assert_int_equal(w.told, 12);
                if (!on) assert_true(w.failed <= 1);
                llmf_free(f, w.call);
            }
            llmf_fail_memory(f, 0, false);
            llmf_memory(f, &after);
            assert_int_equal(w.wrong, 0);
            ended++;
            close_all(f);
            if (after.requests - before.requests < nth) break; /* it was never refused */
        }
    printf("%d places without memory\n", ended);
    assert_true(ended > 100);
}

/* ---- beside other things ---- */

static int events;
static int on_event(void *user, const llmf_event *ev) {
    (void)user;
    if (ev->type == LLMF_EVENT_DONE || ev->type == LLMF_EVENT_ERROR) events++;
    return LLMF_CONTINUE;
}

static int give_streams(void *user, size_t i, llmf_request *req, llmf_model *m) {
    int rc = give(user, i, req, m);
    req->stream = true;
    req->on_event = on_event;
    return rc;
}

static int take_story(void *user, const llmf_batch_item *item) {
    seen *v = (seen *)user;
    v->told++;
    if (!kit_is(item->response->text, KIT_STORY_TEXT) || (size_t)events < v->told) v->wrong++;
    return LLMF_CONTINUE;
}

/* Each request's own callback sees its events, the final one before the result. */
static void with_callbacks(void **state) {
    llmf_factory *f = open_with(NULL, 30);
    llmf_batch b = batch_of(f);
    (void)state;
    events = 0;
    b.request = give_streams;
    b.result = take_story;
    assert_int_equal(run(f, &b), LLMF_OK);
    assert_int_equal(events, 30);
    assert_int_equal(w.told, 30);
    assert_int_equal(w.wrong, 0);
    b.model.id = 77; /* they end before they begin */
    w.told = 0;
    b.result = take;
    memset(w.done, 0, sizeof w.done);
    assert_int_equal(run(f, &b), LLMF_OK);
    assert_int_equal(events, 60);
    close_all(f);
}

/* Another call beside it, answers that are kept, counters, slices of time. */
static void beside(void **state) {
    llmf_desc d;
    llmf_factory *f;
    llmf_batch b;
    llmf_cache_info kept;
    char out[65536];
    int round;
    (void)state;
    memset(&d, 0, sizeof d);
    d.cache_mode = LLMF_CACHE_ON;
    d.metrics = true;
    d.slice_us = 1;
    f = open_with(&d, 100);
    b = batch_of(f);
    s.w.step = 1000;
    for (round = 0; round < 2; round++) {
        memset(w.done, 0, sizeof w.done);
        w.told = 0;
        assert_int_equal(run(f, &b), LLMF_OK);
        assert_int_equal(w.told, 100);
        assert_int_equal(w.wrong, 0);
    }
    llmf_cache(f, &kept);
    assert_int_equal(kept.hits, 100);
    assert_int_equal(s.asked, 100);
    assert_int_equal(last.cost_pico, 0);
    assert_true(llmf_metrics(f, out, sizeof out) < sizeof out);
    assert_true(kit_has(out, "llm_calls_active 0\n"));
    llmf_cache_clear(f);
    memset(w.done, 0, sizeof w.done);
    s.w.step = 0;
    w.call = llmf_start_batch(f, &b);
    for (round = 0; round < 1000 && s.under_way < 16; round++) llmf_poll(f, 0);
    llmf_metrics(f, out, sizeof out);
    assert_true(kit_has(out, "llm_calls_active 16\n")); /* the batch itself is none that asks anybody */
    llmf_free(f, w.call);
    llmf_cache_clear(f);
    assert_int_equal(f->active, 0);
    assert_null(f->calls);
    llmf_close(f);
    kit_drop(&s.w.log);
}

static void waiting(void **state) {
    llmf_factory *f = open_with(NULL, 40);
    llmf_batch b = batch_of(f);
    llmf_event ev;
    (void)state;
    s.w.step = 100000; /* time goes by */
    w.call = llmf_start_batch(f, &b);
    assert_int_equal(llmf_wait(f, w.call), LLMF_OK);
    assert_int_equal(w.told, 40);
    assert_true(llmf_next(f, w.call, &ev));
    assert_int_equal(ev.type, LLMF_EVENT_DONE);
    llmf_free(f, w.call);
    close_all(f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_of_them), cmocka_unit_test(without_a_count), cmocka_unit_test(an_array), cmocka_unit_test(going_on), cmocka_unit_test(stopped_everywhere),
        cmocka_unit_test(closed), cmocka_unit_test(wrong), cmocka_unit_test(no_room), cmocka_unit_test(memory_is_flat), cmocka_unit_test(small_block), cmocka_unit_test(no_memory),
        cmocka_unit_test(with_callbacks), cmocka_unit_test(beside), cmocka_unit_test(waiting)
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
