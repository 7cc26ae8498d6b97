/* What llmf_metrics prints, held against a strict reader of the format (exposition.h), which is tested first on texts that are wrong; the spans of calls; and the
   state of the chain of providers. Calls go over a transport of the test's, one step of a reply at each poll, on a clock that moves only when it is told. */
#define LLMF_MAX_SERIES 24
#include "kit.h"
#include "exposition.h"
#include "../unit/corpus.h"

#define KEY_CANARY "sk-CANARY-key-0123456789"
#define PROMPT_CANARY "CANARY-prompt-of-the-user"
#define ANSWER_CANARY "CANARY-answer"

/* ---- the reader, on what is right and what is wrong ---- */

static const char good_text[] =
    "# HELP t_seconds Time.\n# TYPE t_seconds histogram\n"
    "t_seconds_bucket{m=\"a\",le=\"0.5\"} 1\nt_seconds_bucket{m=\"a\",le=\"1\"} 2\nt_seconds_bucket{m=\"a\",le=\"+Inf\"} 3\nt_seconds_sum{m=\"a\"} 4.5\nt_seconds_count{m=\"a\"} 3\n"
    "t_seconds_bucket{m=\"b\",le=\"0.5\"} 0\nt_seconds_bucket{m=\"b\",le=\"+Inf\"} 1\nt_seconds_sum{m=\"b\"} 9\nt_seconds_count{m=\"b\"} 1\n"
    "# HELP n_total Number.\n# TYPE n_total counter\nn_total{m=\"a\",p=\"x\\\\y\\\"z\\n\"} 7\nn_total{m=\"b\",p=\"\xc3\xa9\"} 8\n";

/* The good text with one piece replaced. */
static void broken(const char *piece, const char *by, const char *why) {
    kit_text t = {NULL, 0, 0};
    expo e;
    const char *at = strstr(good_text, piece);
    assert_non_null(at);
    kit_add(&t, good_text, (size_t)(at - good_text));
    kit_adds(&t, by);
    kit_adds(&t, at + strlen(piece));
    assert_false(expo_check(&e, t.ptr, t.len));
    if (!kit_has(e.why, why)) fail_msg("\"%s\" for \"%s\" gave \"%s\", not \"%s\"", by, piece, e.why, why);
    expo_free(&e);
    kit_drop(&t);
}

static void test_reader_finds_faults(void **state) {
    expo e;
    (void)state;
    if (!expo_check(&e, good_text, strlen(good_text))) fail_msg("%s", e.why);
    assert_int_equal(e.count, 11);
    assert_string_equal(expo_label_of(&e.samples[9], "p")->value, "x\\y\"z\n");
    expo_free(&e);
    /* what promtool passes over */
    broken("{m=\"b\",p=\"\xc3\xa9\"}", "{p=\"x\\\\y\\\"z\\n\",m=\"a\"}", "a series twice");
    broken("n_total{m=\"b\"", "t_seconds_bucket{m=\"c\",le=\"+Inf\"} 1\nt_seconds_sum{m=\"c\"} 1\nt_seconds_count{m=\"c\"} 1\nn_total{m=\"b\"", "a family in two pieces");
    broken("t_seconds_bucket{m=\"b\",le=\"+Inf\"} 1\n", "", "no bucket +Inf");
    broken("le=\"1\"} 2", "le=\"1\"} 0", "buckets fall");
    broken("t_seconds_count{m=\"a\"} 3", "t_seconds_count{m=\"a\"} 4", "_count is not");
    /* and what else might be wrong */
    broken("t_seconds_sum{m=\"a\"} 4.5\n", "", "no _sum");
    broken("t_seconds_count{m=\"b\"} 1\n", "", "no _count");
    broken("le=\"1\"", "le=\"0.5\"", "a series twice");
    broken("le=\"1\"", "le=\"0.25\"", "le does not rise");
    broken("t_seconds_bucket{m=\"b\",le=\"0.5\"} 0\nt_seconds_bucket{m=\"b\",le=\"+Inf\"} 1\n", "", "not in the order");
    broken("# HELP n_total Number.\n", "", "no HELP and TYPE");
    broken("# TYPE n_total counter\n", "", "no HELP and TYPE");
    broken("# TYPE n_total counter", "# TYPE n_total counter\n# TYPE n_total counter", "a second TYPE");
    broken("# HELP n_total Number.", "# HELP n_total Number.\n# HELP n_total Number.", "a second HELP");
    broken("counter", "count", "an unknown type");
    broken("\xc3\xa9", "\xc3", "no UTF-8");
    broken("\xc3\xa9", "\xed\xa0\x80", "no UTF-8");
    broken("\\\\y", "\\y", "an escape that there is not");
    broken("z\\n", "z\n", "a line break");
    broken("} 8\n", "} 8", "the last line has no end");
    broken("} 8", "} 8 9 10", "more behind the sample");
    broken("} 8", "} 8,0", "not a value");
    broken("} 8", "} -8", "a counter that is none");
    broken("m=\"b\",p", "m=\"b\",m", "a label twice");
}

static int grammatical, refused;

static void on_file(const char *name, llmf_str text) {
    expo e;
    bool ok = expo_read(&e, text.ptr, text.len), wanted = strstr(name, "error") == NULL;
    if (ok != wanted) fail_msg("%s: %s", name, ok ? "should be refused" : e.why);
    if (ok) grammatical++;
    else refused++;
    expo_free(&e);
}

static void test_reader_on_the_corpus(void **state) {
    llmf_str text;
    expo e;
    (void)state;
    grammatical = refused = 0;
    if (!corpus_each("corpora/prometheus/expfmt-corpus", on_file)) skip();
    assert_true(grammatical >= 6 && refused >= 20);
    text = corpus_read(corpus_path("corpora/prometheus/expfmt-testdata/text"));
    assert_non_null(text.ptr);
    if (!expo_read(&e, text.ptr, text.len)) fail_msg("%s", e.why);
    expo_free(&e);
    free((char *)(uintptr_t)text.ptr);
}

/* ---- a provider that does one step at each poll ---- */

enum { MOST_WAITING = 8, MOST_SPANS = 64 };

typedef struct seen_span {
    llmf_span span;                /* its views are not looked at any more */
    char name[256];
    kit_text attributes;           /* "name=value\n" each */
} seen_span;

typedef struct stage {
    llmf_transport transport;
    kit_world world;
    llmf_factory *f;
    llmf_exchange *waiting[MOST_WAITING];
    int count, status;             /* status: of the replies */
    const char *const *pieces;     /* of the reply to the oldest, one a poll; NULL at the end */
    int at;                        /* -1: the status comes next */
    bool ready;                    /* for its next step: llmf_poll asks a transport more than once */
    bool cut;                      /* the connection breaks behind the last piece */
    kit_text headers;              /* of the last request */
    int64_t wall;
    unsigned char random;          /* what the hook gives: this and the numbers behind it; 0: the hook is not there */
    seen_span spans[MOST_SPANS];
    int span_count;
    kit_text told;                 /* all that spans have ever held */
    kit_text metrics;              /* where a test reads them from inside the hook; not kept where it stays empty */
    bool read_inside;
} stage;

static int stage_start(void *user, llmf_exchange *x, const llmf_http_request *req) {
    stage *s = (stage *)user;
    size_t i;
    assert_true(s->count < MOST_WAITING);
    s->waiting[s->count++] = x;
    s->headers.len = 0;
    for (i = 0; i < req->header_count; i++) kit_addf(&s->headers, "%.*s: %.*s\n", (int)req->headers[i].name.len, req->headers[i].name.ptr, (int)req->headers[i].value.len, req->headers[i].value.ptr);
    s->world.now += s->world.step; /* what starting costs */
    return LLMF_OK;
}

static void stage_forget(stage *s, int at) {
    memmove(&s->waiting[at], &s->waiting[at + 1], (size_t)(--s->count - at) * sizeof *s->waiting);
    if (at == 0) s->at = -1;
}

static void stage_cancel(void *user, llmf_exchange *x) {
    stage *s = (stage *)user;
    int i;
    for (i = 0; i < s->count; i++)
        if (s->waiting[i] == x) {
            stage_forget(s, i);
            return;
        }
}

static void stage_poll(void *user, int timeout_ms) {
    stage *s = (stage *)user;
    llmf_exchange *x = s->count ? s->waiting[0] : NULL;
    (void)timeout_ms;
    if (!x || !s->pieces || !s->ready) return;
    s->ready = false;
    if (s->at < 0) {
        s->at = 0;
        llmf_exchange_status(x, s->status);
        llmf_exchange_header(x, kit_str("x-request-id"), kit_str("req-1"));
    } else if (s->pieces[s->at]) {
        const char *piece = s->pieces[s->at++];
        assert_int_equal(llmf_exchange_data(x, piece, strlen(piece)), strlen(piece));
    } else {
        stage_forget(s, 0);
        llmf_exchange_end(x, s->cut ? LLMF_ERR_NETWORK : LLMF_OK, s->cut ? "it broke" : NULL);
    }
}

static int64_t stage_wall(void *user) {
    return ((stage *)((char *)user - offsetof(stage, world)))->wall;
}

static void stage_random(void *user, void *bytes, size_t len) {
    stage *s = (stage *)((char *)user - offsetof(stage, world));
    unsigned char *to = (unsigned char *)bytes;
    while (len--) *to++ = s->random == 0xff ? 0 : s->random++;
}

static void add_attribute(kit_text *to, const llmf_attribute *a) {
    kit_addf(to, "%s=", a->name);
    if (a->type == LLMF_ATTRIBUTE_INT) kit_addf(to, "%lld", (long long)a->integer);
    else if (a->type == LLMF_ATTRIBUTE_DOUBLE) kit_addf(to, "%g", a->number);
    else kit_addf(to, a->type == LLMF_ATTRIBUTE_LIST ? "[%.*s]" : "%.*s", (int)a->text.len, a->text.ptr);
    kit_adds(to, "\n");
}

static void on_span(void *user, const llmf_span *span) {
    stage *s = (stage *)((char *)user - offsetof(stage, world));
    seen_span *to = &s->spans[s->span_count++ % MOST_SPANS];
    size_t i;
    kit_drop(&to->attributes);
    to->span = *span;
    snprintf(to->name, sizeof to->name, "%.*s", (int)span->name.len, span->name.ptr);
    for (i = 0; i < span->attribute_count; i++) add_attribute(&to->attributes, &span->attributes[i]);
    kit_adds(&s->told, to->name);
    kit_adds(&s->told, kit_cstr(&to->attributes));
    if (s->read_inside) {
        expo e;
        size_t len = llmf_metrics(s->f, NULL, 0);
        char *text = (char *)malloc(len + 1);
        assert_int_equal(llmf_metrics(s->f, text, len + 1), len);
        if (!expo_check(&e, text, len)) fail_msg("%s", e.why);
        expo_free(&e);
        free(text);
    }
}

static void step(stage *s, uint64_t ns) {
    s->world.now += ns;
    s->ready = true;
    llmf_poll(s->f, 0);
}

static llmf_desc stage_desc(stage *s) {
    llmf_desc d;
    memset(s, 0, sizeof *s);
    d = kit_desc(&s->world);
    s->transport.user = s;
    s->transport.start = stage_start;
    s->transport.cancel = stage_cancel;
    s->transport.poll = stage_poll;
    s->at = -1;
    s->status = 200;
    s->wall = INT64_C(1700000000123);
    d.custom_transport = &s->transport;
    d.api_key = KEY_CANARY;
    d.metrics = true;
    d.wall_ms = stage_wall;
    d.span = on_span;
    return d;
}

static void stage_open(stage *s, const llmf_desc *d) {
    llmf_error err;
    s->f = llmf_open(d, &err);
    if (!s->f) fail_msg("%s", err.text);
}

static void stage_close(stage *s) {
    size_t i;
    llmf_close(s->f);
    for (i = 0; i < MOST_SPANS; i++) kit_drop(&s->spans[i].attributes);
    assert_false(kit_has(kit_cstr(&s->told), "CANARY"));
    kit_drop(&s->told);
    kit_drop(&s->headers);
    kit_drop(&s->world.log);
}

static llmf_model model_named(llmf_factory *f, const char *name) {
    llmf_error err;
    llmf_model m = llmf_get(f, name, &err);
    if (!m.id) fail_msg("%s: %s", name, err.text);
    return m;
}

static llmf_request a_request(bool stream) {
    llmf_request r = kit_request(stream);
    r.prompt = PROMPT_CANARY;
    r.system = PROMPT_CANARY;
    return r;
}

/* Runs a call to its end; the clock moves by `ns` before each step. */
static llmf_response run_call(stage *s, llmf_model m, const llmf_request *req, const char *const *pieces, uint64_t ns) {
    llmf_response r;
    llmf_event ev;
    llmf_call c;
    int i;
    memset(&r, 0, sizeof r);
    s->pieces = pieces;
    c = llmf_start(s->f, m, req);
    assert_true(c.id != 0);
    for (i = 0; i < 100 && !r.call.id; i++) {
        step(s, ns);
        while (llmf_next(s->f, c, &ev))
            if (ev.response) r = *ev.response;
    }
    assert_true(r.call.id == c.id);
    llmf_free(s->f, c);
    return r;
}

/* The exposition, checked; free it. */
static char *metrics_of(llmf_factory *f, expo *e) {
    size_t len = llmf_metrics(f, NULL, 0), got;
    char *text = (char *)malloc(len + 1);
    assert_non_null(text);
    got = llmf_metrics(f, text, len + 1);
    assert_int_equal(got, len);
    assert_int_equal(strlen(text), len);
    if (!expo_check(e, text, len)) {
        fputs(text, stderr);
        fail_msg("%s", e->why);
    }
    assert_false(kit_has(text, "CANARY"));
    return text;
}

static bool has_sample(llmf_factory *f, const char *line) {
    expo e;
    char *text = metrics_of(f, &e), whole[512];
    bool has;
    snprintf(whole, sizeof whole, "\n%s\n", line);
    has = kit_has(text, whole);
    if (!has) fprintf(stderr, "%s\nis not in\n%s", line, text);
    expo_free(&e);
    free(text);
    return has;
}

static double sum_of(const expo *e, const char *name, const char *label, const char *value) {
    double sum = 0;
    size_t i;
    for (i = 0; i < e->count; i++) {
        const expo_label *l = label ? expo_label_of(&e->samples[i], label) : NULL;
        if (strcmp(e->samples[i].name, name) == 0 && (!label || (l && strcmp(l->value, value) == 0))) sum += e->samples[i].value;
    }
    return sum;
}

static const char *const story[] = {KIT_CHUNK("{\"role\":\"assistant\",\"content\":\"\"}"), KIT_CHUNK("{\"content\":\"" ANSWER_CANARY "\"}"), KIT_CHUNK("{\"content\":\" more\"}"),
                                    KIT_FINISH("stop") "data: {\"id\":\"c1\",\"choices\":[],\"usage\":{\"prompt_tokens\":100,\"completion_tokens\":20,\"total_tokens\":120,"
                                                       "\"prompt_tokens_details\":{\"cached_tokens\":40},\"completion_tokens_details\":{\"reasoning_tokens\":5}}}\n\n" KIT_DONE, NULL};
static const char *const plain[] = {"{\"id\":\"c1\",\"model\":\"m-1\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"" ANSWER_CANARY "\"},\"finish_reason\":\"stop\"}],"
                                    "\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":3,\"total_tokens\":10}}", NULL};
static const char *const wrong[] = {"{\"error\":{\"message\":\"no\",\"code\":\"x\"}}", NULL};
static const char *const nothing[] = {NULL};

/* ---- counts ---- */

#define CHAT(provider, model) "{provider=\"" provider "\",model=\"" model "\",operation=\"chat\""

static void test_one_stream_exactly(void **state) {
    stage s;
    llmf_desc d = stage_desc(&s);
    llmf_request r = a_request(true);
    (void)state;
    d.config_text = "models: {m: {provider: openai, model_id: exact, input_token_cost_usd_per_million: 2.5, output_token_cost_usd_per_million: 10,"
                    " cache_read_token_cost_usd_per_million: 0.1}}";
    stage_open(&s, &d);
    s.world.step = 0;
    s.world.now = UINT64_C(5000000000);
    (void)run_call(&s, model_named(s.f, "m"), &r, story, 7 * LLMFI_MS); /* status 7 ms, pieces 14, 21 (the first content), 28, 35, end 42 */
    assert_true(has_sample(s.f, "llm_requests_total" CHAT("openai", "exact") ",status=\"ok\"} 1"));
    assert_true(has_sample(s.f, "llm_request_duration_seconds_bucket" CHAT("openai", "exact") ",le=\"0.025\"} 0"));
    assert_true(has_sample(s.f, "llm_request_duration_seconds_bucket" CHAT("openai", "exact") ",le=\"0.05\"} 1"));
    assert_true(has_sample(s.f, "llm_request_duration_seconds_bucket" CHAT("openai", "exact") ",le=\"300\"} 1"));
    assert_true(has_sample(s.f, "llm_request_duration_seconds_sum" CHAT("openai", "exact") "} 0.042"));
    assert_true(has_sample(s.f, "llm_request_duration_seconds_count" CHAT("openai", "exact") "} 1"));
    assert_true(has_sample(s.f, "llm_time_to_first_token_seconds_bucket" CHAT("openai", "exact") ",le=\"0.01\"} 0"));
    assert_true(has_sample(s.f, "llm_time_to_first_token_seconds_sum" CHAT("openai", "exact") "} 0.021"));
    assert_true(has_sample(s.f, "llm_tokens_used_total" CHAT("openai", "exact") ",type=\"input\"} 100"));
    assert_true(has_sample(s.f, "llm_tokens_used_total" CHAT("openai", "exact") ",type=\"output\"} 20"));
    assert_true(has_sample(s.f, "llm_tokens_used_total" CHAT("openai", "exact") ",type=\"cache_read\"} 40"));
    assert_true(has_sample(s.f, "llm_tokens_used_total" CHAT("openai", "exact") ",type=\"reasoning\"} 5"));
    /* 60 * 2.5 + 40 * 0.1 + 20 * 10 millionths */
    assert_true(has_sample(s.f, "llm_cost_usd_total" CHAT("openai", "exact") "} 0.000354"));
    assert_true(has_sample(s.f, "llm_attempts_total{provider=\"openai\",model=\"exact\",error=\"none\"} 1"));
    assert_true(has_sample(s.f, "llm_calls_active 0"));
    assert_true(has_sample(s.f, "llm_metrics_lost_total 0"));
    stage_close(&s);
}

static void test_overhead(void **state) {
    stage s;
    llmf_desc d = stage_desc(&s);
    llmf_request r = a_request(false);
    (void)state;
    stage_open(&s, &d);
    s.world.step = 0;
    (void)run_call(&s, model_named(s.f, "openai:m"), &r, plain, LLMFI_MS);
    assert_true(has_sample(s.f, "llm_overhead_seconds_sum" CHAT("openai", "m") "} 0"));
    assert_true(has_sample(s.f, "llm_overhead_seconds_bucket" CHAT("openai", "m") ",le=\"0.000005\"} 1"));
    s.world.step = 30001;
    s.pieces = NULL;
    llmf_free(s.f, llmf_start(s.f, model_named(s.f, "openai:m"), &r));
    assert_true(has_sample(s.f, "llm_overhead_seconds_count" CHAT("openai", "m") "} 2"));
    assert_true(has_sample(s.f, "llm_overhead_seconds_bucket" CHAT("openai", "m") ",le=\"0.000005\"} 1"));
    assert_true(has_sample(s.f, "llm_overhead_seconds_bucket" CHAT("openai", "m") ",le=\"0.1\"} 2"));
    stage_close(&s);
}

static void test_plain_replies_have_no_first_token(void **state) {
    stage s;
    llmf_desc d = stage_desc(&s);
    llmf_request r = a_request(false);
    expo e;
    char *text;
    (void)state;
    stage_open(&s, &d);
    (void)run_call(&s, model_named(s.f, "openai:no-such-price"), &r, plain, LLMFI_MS);
    text = metrics_of(s.f, &e);
    assert_false(kit_has(text, "llm_time_to_first_token"));
    assert_false(kit_has(text, "llm_cost_usd_total"));
    assert_false(kit_has(text, "type=\"cache_read\""));
    assert_false(kit_has(text, "llm_fallbacks"));
    assert_false(kit_has(text, "llm_cache"));
    assert_true(sum_of(&e, "llm_cost_unknown_total", NULL, NULL) == 1);
    expo_free(&e);
    free(text);
    stage_close(&s);
}

/* How a call can end, and what that is counted as. */
static void test_every_end(void **state) {
    stage s;
    llmf_desc d = stage_desc(&s);
    llmf_request r = a_request(true), bad;
    llmf_model m, none = {0};
    llmf_call c;
    expo e;
    char *text;
    bool done;
    (void)state;
    d.config_text = "models: {m: {provider: openai, model_id: x}}";
    stage_open(&s, &d);
    m = model_named(s.f, "m");
    (void)run_call(&s, m, &r, story, LLMFI_MS);
    s.status = 429;
    (void)run_call(&s, m, &r, wrong, LLMFI_MS);
    (void)run_call(&s, m, &r, wrong, LLMFI_MS);
    s.status = 401;
    (void)run_call(&s, m, &r, wrong, LLMFI_MS);
    s.status = 200;
    s.cut = true;
    (void)run_call(&s, m, &r, nothing, LLMFI_MS);
    s.cut = false;
    bad = r;
    bad.prompt = NULL;
    (void)run_call(&s, m, &bad, story, LLMFI_MS);       /* never sent: no attempt */
    (void)run_call(&s, none, &r, story, LLMFI_MS);      /* no model */
    s.pieces = NULL;
    c = llmf_start(s.f, m, &r);
    llmf_cancel(s.f, c);
    llmf_free(s.f, c);
    c = llmf_start(s.f, m, &r);
    s.world.now += 5 * LLMFI_MS;
    llmf_free(s.f, c);                                  /* given back before its end */
    assert_true(s.spans[s.span_count - 1].span.end_ns - s.spans[s.span_count - 1].span.start_ns == 5 * LLMFI_MS);
    c = llmf_start(s.f, m, &r);
    assert_int_equal(llmf_status(s.f, c, &done), LLMF_OK);
    assert_true(has_sample(s.f, "llm_calls_active 1"));
    text = metrics_of(s.f, &e);
    assert_true(sum_of(&e, "llm_requests_total", "status", "ok") == 1);
    assert_true(sum_of(&e, "llm_requests_total", "status", "rate_limit") == 2);
    assert_true(sum_of(&e, "llm_requests_total", "status", "auth") == 1);
    assert_true(sum_of(&e, "llm_requests_total", "status", "truncated") == 1);
    assert_true(sum_of(&e, "llm_requests_total", "status", "argument") == 1);
    assert_true(sum_of(&e, "llm_requests_total", "status", "cancelled") == 2);
    assert_true(sum_of(&e, "llm_requests_total", "model", "unknown") == 1);
    assert_true(sum_of(&e, "llm_requests_total", NULL, NULL) == 9);
    assert_true(sum_of(&e, "llm_request_duration_seconds_count", NULL, NULL) == 9);
    assert_true(sum_of(&e, "llm_attempts_total", NULL, NULL) == 7);
    assert_true(sum_of(&e, "llm_attempts_total", "error", "none") == 1);
    assert_true(sum_of(&e, "llm_attempts_total", "error", "cancelled") == 2);
    expo_free(&e);
    free(text);
    assert_int_equal(s.span_count, 9 + 7);
    stage_close(&s);                                     /* the last one ends here */
    assert_int_equal(s.span_count, 9 + 7 + 2);
}

static void test_previews_do_not_count(void **state) {
    stage s;
    llmf_desc d = stage_desc(&s);
    llmf_request r = a_request(true);
    llmf_preview p;
    (void)state;
    stage_open(&s, &d);
    assert_int_equal(llmf_preview_request(s.f, model_named(s.f, "openai:m"), &r, &p), LLMF_OK);
    assert_true(has_sample(s.f, "llm_calls_active 0"));
    llmf_free(s.f, p.call);
    assert_int_equal(s.span_count, 0);
    assert_int_equal(s.f->series_count, 0);
    stage_close(&s);
}

/* Without llmf_desc.metrics there are the gauges, and nothing is kept. */
static void test_off(void **state) {
    stage s;
    llmf_desc d = stage_desc(&s);
    llmf_request r = a_request(true);
    expo e;
    char *text;
    (void)state;
    d.metrics = false;
    d.span = NULL;
    stage_open(&s, &d);
    (void)run_call(&s, model_named(s.f, "openai:m"), &r, story, LLMFI_MS);
    text = metrics_of(s.f, &e);
    assert_true(kit_has(text, "llm_calls_active 0\n") && kit_has(text, "llm_memory_bytes{kind=\"high_water\"} "));
    assert_int_equal(e.count, 5);
    assert_int_equal(s.f->series_count, 0);
    expo_free(&e);
    free(text);
    assert_int_equal(llmf_metrics(NULL, NULL, 0), 0);
    stage_close(&s);
}

/* Reading at each event of a running stream: always right, and no count ever falls. */
static void test_read_while_running(void **state) {
    stage s;
    llmf_desc d = stage_desc(&s);
    llmf_request r = a_request(true);
    llmf_model m;
    llmf_event ev;
    llmf_call c;
    int round, i, events = 0, polls = 0;
    double before = 0;
    (void)state;
    stage_open(&s, &d);
    s.read_inside = true;
    m = model_named(s.f, "openai:m");
    for (round = 0; round < 3; round++) {
        bool ended = false;
        s.pieces = story;
        c = llmf_start(s.f, m, &r);
        for (i = 0; i < 20 && !ended; i++, polls++) {
            expo e;
            char *text;
            step(&s, 9 * LLMFI_MS);
            while (llmf_next(s.f, c, &ev)) {
                double now;
                bool done;
                events++;
                ended = ev.response != NULL;
                text = metrics_of(s.f, &e);
                llmf_status(s.f, c, &done);
                assert_true(sum_of(&e, "llm_calls_active", NULL, NULL) == (done ? 0 : 1) && (done || !ended));
                now = sum_of(&e, "llm_requests_total", NULL, NULL) + sum_of(&e, "llm_attempts_total", NULL, NULL) + sum_of(&e, "llm_request_duration_seconds_count", NULL, NULL);
                assert_true(now >= before && now == 3.0 * (round + (done ? 1 : 0)));
                before = now;
                expo_free(&e);
                free(text);
            }
        }
        assert_true(ended);
        llmf_free(s.f, c);
    }
    assert_true(events >= 9 && polls >= 12);
    stage_close(&s);
}

/* ---- names ---- */

static const char *const hostile_names[] = {
    "plain", "with \\\"quotes\\\"", "back\\\\slash", "ends in \\\\", "new\\nline", "cr\\rtab\\tx", "{provider=\\\"x\\\"} 1", "\xc3\xa9\xf0\x9f\x98\x80", "# HELP", "le=\\\"+Inf\\\"", "\\u0001\\u007f.", "other"
};

/* Hundreds of calls to more models than are told apart, by names that try to break out. */
static void test_hostile_names_and_the_bound(void **state) {
    stage s;
    llmf_desc d = stage_desc(&s);
    llmf_request r = a_request(true);
    kit_text config = {NULL, 0, 0};
    static const char *const providers[] = {"openai", "groq", "mistral", "deepseek"};
    const char *out = getenv("LLMF_METRICS_OUT");
    char name[32];
    expo e;
    char *text;
    size_t i, pairs = 0;
    int k, calls = 0, last = 0;
    (void)state;
    kit_adds(&config, "{\"models\":{");
    for (k = 0; k < 48; k++)
        kit_addf(&config, "%s\"m%d\":{\"provider\":\"%s\",\"model_id\":\"%s\"}", k ? "," : "", k, providers[k / 12], hostile_names[k % 12]);
    kit_adds(&config, ",\"long\":{\"provider\":\"openai\",\"model_id\":\"");
    for (k = 0; k < 3000; k++) kit_adds(&config, "\xc3\xa9");
    kit_adds(&config, "\"}}}");
    d.config_text = config.ptr;
    stage_open(&s, &d);
    s.world.step = 0;
    for (k = 0; k < 400; k++) {
        if (k % 40 == 7) snprintf(name, sizeof name, "long");
        else snprintf(name, sizeof name, "m%d", k * 5 % 48);
        s.status = k % 7 == 3 ? 503 : 200;
        s.cut = k % 11 == 5;
        (void)run_call(&s, model_named(s.f, name), &r, s.status == 200 ? story : wrong, (uint64_t)(k % 9 + 1) * 3 * LLMFI_MS);
        calls++;
        if (k != last + 40) continue;
        last = k;
        text = metrics_of(s.f, &e);
        assert_true(sum_of(&e, "llm_requests_total", NULL, NULL) == calls);
        assert_true(sum_of(&e, "llm_attempts_total", NULL, NULL) == calls);
        assert_true(sum_of(&e, "llm_request_duration_seconds_count", NULL, NULL) == calls);
        expo_free(&e);
        free(text);
    }
    text = metrics_of(s.f, &e);
    for (i = 0; i < e.count; i++)
        if (strcmp(e.samples[i].name, "llm_request_duration_seconds_count") == 0) pairs++;
    assert_int_equal(pairs, LLMF_MAX_SERIES);
    assert_int_equal(s.f->series_count, LLMF_MAX_SERIES);
    assert_true(sum_of(&e, "llm_requests_total", NULL, NULL) == calls);
    assert_true(sum_of(&e, "llm_requests_total", "provider", "other") > 100);
    assert_true(sum_of(&e, "llm_requests_total", "model", "new\nline") > 0 && sum_of(&e, "llm_requests_total", "model", "with \"quotes\"") > 0);
    assert_true(sum_of(&e, "llm_requests_total", "model", "back\\slash") > 0 && sum_of(&e, "llm_requests_total", "model", "ends in \\") > 0);
    for (i = 0; i < e.count; i++)
        if (expo_label_of(&e.samples[i], "model")) assert_true(strlen(expo_label_of(&e.samples[i], "model")->value) <= 128);
    if (out && *out) { /* for promtool: tests/metrics.sh */
        FILE *file = fopen(out, "wb");
        assert_non_null(file);
        assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
        assert_int_equal(fclose(file), 0);
    }
    expo_free(&e);
    free(text);
    kit_drop(&config);
    stage_close(&s);
}

/* Names that the config would not let in: bytes that are no UTF-8, NUL; and different ones that look the same in a label. */
static void test_labels(void **state) {
    static const struct {
        const char *name, *label;
        size_t len;
    } rows[] = {{"", "unknown", 0},      {"a\xff" "b", "a\xef\xbf\xbd" "b", 3}, {"\xc3", "\xef\xbf\xbd", 1}, {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", 3},
                {"a\0b", "a\xef\xbf\xbd" "b", 3}, {"\xe2\x82\xac", "\xe2\x82\xac", 3},      {"\xf0\x9f\x98", "\xef\xbf\xbd", 3}};
    char room[LLMFI_LABEL], longest[400];
    stage s;
    llmf_desc d = stage_desc(&s);
    llmfi_series *one;
    bool exact = false;
    size_t i;
    (void)state;
    for (i = 0; i < KIT_COUNT(rows); i++) {
        llmf_str label = llmfi_label(room, llmfi_str(rows[i].name, rows[i].len));
        assert_int_equal(label.len, strlen(rows[i].label));
        assert_memory_equal(label.ptr, rows[i].label, label.len);
    }
    memset(longest, 'x', sizeof longest);
    for (i = 125; i <= 131; i++) assert_int_equal(llmfi_label(room, llmfi_str(longest, i)).len, i < 128 ? i : 128);
    memcpy(longest + 127, "\xc3\xa9", 2); /* a character over the edge goes as a whole */
    assert_int_equal(llmfi_label(room, llmfi_str(longest, 300)).len, 127);
    stage_open(&s, &d);
    one = llmfi_series_named(s.f, kit_str("p"), kit_str("\xff"), &exact);
    assert_true(one && exact && one == llmfi_series_named(s.f, kit_str("p"), kit_str("\xfe"), NULL));
    assert_true(one != llmfi_series_named(s.f, kit_str("q"), kit_str("\xff"), NULL));
    assert_true(one != llmfi_series_named(s.f, kit_str("p"), kit_str("x"), NULL));
    one->attempts[LLMF_OK] = 3;
    assert_true(has_sample(s.f, "llm_attempts_total{provider=\"p\",model=\"\xef\xbf\xbd\",error=\"none\"} 3"));
    stage_close(&s);
}

/* The last place is kept for the others, also where one of that name comes early. */
static void test_bound_exactly(void **state) {
    stage s;
    llmf_desc d = stage_desc(&s);
    llmfi_series *other = NULL;
    char name[16];
    int i;
    (void)state;
    stage_open(&s, &d);
    for (i = 0; i < LLMF_MAX_SERIES + 5; i++) {
        llmfi_series *made;
        bool exact = false;
        snprintf(name, sizeof name, "m%d", i);
        made = llmfi_series_named(s.f, kit_str("p"), kit_str(name), &exact);
        assert_non_null(made);
        assert_true(exact); /* also that of the others: it will stay there */
        if (i < LLMF_MAX_SERIES - 1) assert_true(kit_is(made->model, name));
        else assert_true(kit_is(made->model, "other") && kit_is(made->provider, "other") && (!other || other == made));
        if (i >= LLMF_MAX_SERIES - 1) other = made;
    }
    assert_int_equal(s.f->series_count, LLMF_MAX_SERIES);
    assert_true(llmfi_series_named(s.f, kit_str("p"), kit_str("m3"), NULL) != other);
    stage_close(&s);
}

/* ---- numbers ---- */

static void decimal(uint64_t value, int places, const char *want) {
    char text[64];
    llmfi_out o;
    llmfi_out_window(&o, text, sizeof text, 0);
    llmfi_x_decimal(&o, value, places);
    assert_int_equal(o.len, strlen(want));
    assert_memory_equal(text, want, o.len);
}

static void test_decimals(void **state) {
    (void)state;
    decimal(0, 0, "0");
    decimal(0, 12, "0");
    decimal(1, 12, "0.000000000001");
    decimal(UINT64_C(999999999999), 12, "0.999999999999");
    decimal(UINT64_C(1000000000000), 12, "1");
    decimal(UINT64_C(1500000000000), 12, "1.5");
    decimal(UINT64_MAX, 12, "18446744.073709551615");
    decimal(UINT64_MAX, 0, "18446744073709551615");
    decimal(10, 0, "10");
    decimal(100, 2, "1");
    decimal(2500000, 6, "2.5");
    decimal(5, 6, "0.000005");
    decimal(UINT64_C(123456789012), 9, "123.456789012");
}

/* An end belongs to its bucket; above the last there is only +Inf. */
static void test_buckets(void **state) {
    llmfi_histogram h;
    int i;
    (void)state;
    for (i = 1; i < LLMFI_TIMES; i++) assert_true(llmfi_call_times[i] > llmfi_call_times[i - 1] && llmfi_own_times[i] > llmfi_own_times[i - 1]);
    for (i = 0; i < LLMFI_TIMES; i++) {
        uint64_t end = (uint64_t)llmfi_call_times[i] * 1000;
        memset(&h, 0, sizeof h);
        llmfi_observe(&h, llmfi_call_times, end - 1);
        llmfi_observe(&h, llmfi_call_times, end);
        llmfi_observe(&h, llmfi_call_times, end + 1);
        assert_int_equal(h.at[i], 2);
        if (i + 1 < LLMFI_TIMES) assert_int_equal(h.at[i + 1], 1);
        assert_int_equal(h.count, 3);
        assert_true(h.sum_ns == 3 * end);
    }
    memset(&h, 0, sizeof h);
    llmfi_observe(&h, llmfi_call_times, 0);
    assert_int_equal(h.at[0], 1);
}

/* A sum of money that does not fit stays at the largest. */
static void test_money_stops(void **state) {
    stage s;
    llmf_desc d = stage_desc(&s);
    llmf_request r = a_request(true);
    llmf_model m;
    (void)state;
    d.config_text = "models: {m: {provider: openai, model_id: x, input_token_cost_usd_per_million: 1, output_token_cost_usd_per_million: 1}}";
    stage_open(&s, &d);
    m = model_named(s.f, "m");
    (void)run_call(&s, m, &r, plain, LLMFI_MS);
    s.f->series->of[0]->cost_pico = UINT64_MAX - 1;
    (void)run_call(&s, m, &r, plain, LLMFI_MS);
    assert_true(has_sample(s.f, "llm_cost_usd_total" CHAT("openai", "x") "} 18446744.073709551615"));
    stage_close(&s);
}

/* ---- the buffer ---- */

static void test_any_buffer(void **state) {
    stage s;
    llmf_desc d = stage_desc(&s);
    llmf_request r = a_request(true);
    char *whole, *cut;
    size_t len, cap;
    uint64_t requests;
    (void)state;
    stage_open(&s, &d);
    (void)run_call(&s, model_named(s.f, "openai:m\"\\"), &r, story, LLMFI_MS);
    len = llmf_metrics(s.f, NULL, 0);
    assert_int_equal(llmf_metrics(s.f, NULL, 1000), len); /* no buffer: no room */
    whole = (char *)malloc(len + 1);
    requests = s.f->heap.requests;
    llmf_metrics(s.f, whole, len + 1);
    assert_true(s.f->heap.requests == requests);           /* nothing is allocated */
    for (cap = 0; cap <= len + 1; cap++) {
        cut = (char *)malloc(cap + 1);
        memset(cut, 'Z', cap + 1);
        assert_int_equal(llmf_metrics(s.f, cut, cap), len);
        assert_int_equal(cut[cap], 'Z');
        if (cap) {
            assert_int_equal(strlen(cut), cap - 1);
            assert_memory_equal(cut, whole, cap - 1);
        }
        free(cut);
    }
    free(whole);
    stage_close(&s);
}

/* Each request for memory refused once, and from there on: what is printed stays right, and calls go their way. */
static void test_no_memory(void **state) {
    uint64_t nth;
    int on, lost = 0;
    (void)state;
    for (on = 0; on < 2; on++)
        for (nth = 1; nth < 60; nth++) {
            stage s;
            llmf_desc d = stage_desc(&s);
            llmf_request r = a_request(true);
            llmf_model m;
            expo e;
            char *text;
            int i, started = 0;
            stage_open(&s, &d);
            m = model_named(s.f, "openai:m");
            llmf_fail_memory(s.f, nth, on);
            for (i = 0; i < 3; i++) {
                llmf_call c;
                s.pieces = story;
                c = llmf_start(s.f, m, &r);
                if (!c.id) continue;
                started++;
                while (llmf_status(s.f, c, NULL) == LLMF_OK && s.count) step(&s, LLMFI_MS);
                llmf_free(s.f, c);
            }
            llmf_fail_memory(s.f, 0, false);
            text = metrics_of(s.f, &e);
            assert_true(sum_of(&e, "llm_requests_total", NULL, NULL) <= started);
            if (sum_of(&e, "llm_requests_total", NULL, NULL) < started) {
                assert_true(sum_of(&e, "llm_metrics_lost_total", NULL, NULL) > 0);
                lost++;
            }
            expo_free(&e);
            free(text);
            stage_close(&s);
        }
    assert_true(lost > 0);
}

/* What llmf_min_memory says is enough for as many models as are told apart. */
static void test_least_memory(void **state) {
    stage s;
    llmf_desc d = stage_desc(&s);
    llmf_request r = a_request(true);
    char name[160];
    size_t before;
    expo e;
    char *text;
    int i;
    (void)state;
    d.max_calls = 2;
    d.memory_size = llmf_min_memory(&d);
    stage_open(&s, &d);
    (void)run_call(&s, model_named(s.f, "openai:first"), &r, story, LLMFI_MS);
    before = kit_used(s.f);
    for (i = 0; i < LLMF_MAX_SERIES; i++) {
        snprintf(name, sizeof name, "%d-%0150d", i, 0); /* no model's name takes more of a label */
        (void)llmfi_measured_of(s.f, llmfi_series_named(s.f, kit_str("a-provider-of-some-length"), kit_str(name), NULL), 0);
    }
    assert_true(kit_used(s.f) - before <= (size_t)LLMF_MAX_SERIES * LLMFI_SERIES_BYTES);
    text = metrics_of(s.f, &e);
    assert_int_equal(s.f->series_count, LLMF_MAX_SERIES);
    assert_true(sum_of(&e, "llm_metrics_lost_total", NULL, NULL) == 0);
    expo_free(&e);
    free(text);
    stage_close(&s);
}

/* ---- what other parts tell ---- */

static void test_seams(void **state) {
    stage s;
    llmf_desc d = stage_desc(&s);
    llmf_request r = a_request(true);
    llmfi_record a, b;
    llmfi_provider p;
    llmf_call c;
    expo e;
    char name[16];
    char *text;
    int i;
    (void)state;
    stage_open(&s, &d);
    s.pieces = NULL;
    c = llmf_start(s.f, model_named(s.f, "openai:m"), &r);
    llmfi_metrics_retry(llmfi_call_of(s.f, c));
    llmfi_metrics_retry(llmfi_call_of(s.f, c));
    llmfi_metrics_cache(llmfi_call_of(s.f, c), true);
    llmfi_metrics_cache(llmfi_call_of(s.f, c), false);
    llmfi_metrics_cache(llmfi_call_of(s.f, c), false);
    llmfi_seen_attempt(llmfi_call_of(s.f, c), LLMF_ERR_OVERLOADED); /* as a retry has it: told, then sent again */
    llmfi_seen_sent(llmfi_call_of(s.f, c));
    llmf_free(s.f, c);
    assert_true(has_sample(s.f, "llm_retries_total{provider=\"openai\",model=\"m\"} 2"));
    assert_true(has_sample(s.f, "llm_cache_hits_total{provider=\"openai\",model=\"m\"} 1"));
    assert_true(has_sample(s.f, "llm_cache_misses_total{provider=\"openai\",model=\"m\"} 2"));
    assert_true(has_sample(s.f, "llm_breaker_state{provider=\"openai\",model=\"m\"} 0"));
    assert_true(has_sample(s.f, "llm_attempts_total{provider=\"openai\",model=\"m\",error=\"overloaded\"} 1"));
    assert_true(has_sample(s.f, "llm_attempts_total{provider=\"openai\",model=\"m\",error=\"cancelled\"} 1"));
    assert_int_equal(s.span_count, 3);
    assert_int_equal(s.spans[0].span.attempt, 1);
    assert_int_equal(s.spans[1].span.attempt, 2);
    assert_int_equal(s.spans[2].span.attempt, 0);
    assert_string_not_equal(s.spans[0].span.span_id, s.spans[1].span.span_id);
    memset(&a, 0, sizeof a);
    memset(&p, 0, sizeof p);
    b = a;
    a.provider = b.provider = &p;
    p.name = kit_str("openai");
    a.s.model_id = kit_str("m");
    b.s.model_id = kit_str("n\"");
    llmfi_metrics_fallback(s.f, &a, &b, LLMF_ERR_RATE_LIMIT);
    llmfi_metrics_fallback(s.f, &a, &b, LLMF_ERR_RATE_LIMIT);
    llmfi_metrics_fallback(s.f, &b, &a, LLMF_ERR_TIMEOUT);
    assert_true(has_sample(s.f, "llm_fallbacks_total{provider=\"openai\",model=\"m\",to_provider=\"openai\",to_model=\"n\\\"\",cause=\"rate_limit\"} 2"));
    for (i = 0; i < 500; i++) { /* more hops than are told apart */
        snprintf(name, sizeof name, "m%d", i % 20);
        a.s.model_id = kit_str(name);
        llmfi_metrics_fallback(s.f, &a, &b, 1 + i / 20 % 28);
    }
    assert_true(s.f->hop_count <= LLMF_MAX_SERIES + LLMFI_RESULTS);
    text = metrics_of(s.f, &e);
    assert_true(sum_of(&e, "llm_fallbacks_total", NULL, NULL) == 503);
    assert_true(sum_of(&e, "llm_fallbacks_total", "provider", "other") > 400);
    expo_free(&e);
    free(text);
    stage_close(&s);
}

/* ---- operations besides chats ---- */

static void test_batches_are_attempts(void **state) {
    static const char *const vector[] = {"{\"object\":\"list\",\"model\":\"e\",\"data\":[{\"embedding\":[1,2],\"index\":0}],\"usage\":{\"prompt_tokens\":5,\"total_tokens\":5}}", NULL};
    stage s;
    llmf_desc d = stage_desc(&s);
    llmf_request r;
    llmf_input in;
    llmf_str texts[3];
    llmf_response got;
    char root[17];
    int i;
    (void)state;
    d.config_text = "{\"providers\":{\"mine\":{\"dialect\":\"openai\",\"base_url\":\"http://host.example:8080/v1\",\"embedding_batch\":1}}}";
    stage_open(&s, &d);
    memset(&r, 0, sizeof r);
    memset(&in, 0, sizeof in);
    for (i = 0; i < 3; i++) texts[i] = kit_str(PROMPT_CANARY);
    in.texts = texts;
    in.text_count = 3;
    r.op = LLMF_OP_EMBED;
    r.input = &in;
    r.trace_parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    got = run_call(&s, model_named(s.f, "mine:e"), &r, vector, LLMFI_MS);
    if (got.error.code) fail_msg("%s", got.error.text);
    assert_true(has_sample(s.f, "llm_requests_total{provider=\"mine\",model=\"e\",operation=\"embeddings\",status=\"ok\"} 1"));
    assert_true(has_sample(s.f, "llm_attempts_total{provider=\"mine\",model=\"e\",error=\"none\"} 3"));
    assert_true(has_sample(s.f, "llm_tokens_used_total{provider=\"mine\",model=\"e\",operation=\"embeddings\",type=\"input\"} 15"));
    assert_int_equal(s.span_count, 4);
    snprintf(root, sizeof root, "%s", s.spans[3].span.span_id);
    for (i = 0; i < 3; i++) {
        assert_string_equal(s.spans[i].span.parent_id, root);
        assert_int_equal(s.spans[i].span.attempt, i + 1);
        assert_true(s.spans[i].span.call.id == s.spans[3].span.call.id);
        assert_string_equal(s.spans[i].name, "embeddings e");
        assert_false(kit_has(kit_cstr(&s.spans[i].attributes), "gen_ai.usage"));
    }
    assert_string_equal(s.spans[3].span.trace_id, "0af7651916cd43dd8448eb211c80319c");
    assert_true(kit_has(kit_cstr(&s.headers), root)); /* traceparent names the call's span */
    assert_true(kit_has(kit_cstr(&s.spans[3].attributes), "server.address=host.example\nserver.port=8080\n"));
    assert_true(kit_has(kit_cstr(&s.spans[3].attributes), "gen_ai.usage.input_tokens=15\n"));
    stage_close(&s);
}

/* ---- spans ---- */

static void test_span_exactly(void **state) {
    stage s;
    llmf_desc d = stage_desc(&s);
    llmf_request r = a_request(true);
    const seen_span *call, *attempt;
    (void)state;
    d.random = stage_random;
    d.base_url = "https://api.example.com/v1";
    stage_open(&s, &d);
    s.random = 1;
    r.temperature = LLMF_ZERO;
    r.top_p = 0.5;
    r.max_tokens = 99;
    r.seed = -3;
    r.use_seed = true;
    (void)run_call(&s, model_named(s.f, "openai:gpt-x"), &r, story, 10 * LLMFI_MS);
    assert_int_equal(s.span_count, 2);
    attempt = &s.spans[0];
    call = &s.spans[1];
    assert_string_equal(call->name, "chat gpt-x");
    assert_string_equal(call->span.span_id, "0102030405060708");
    assert_string_equal(call->span.trace_id, "090a0b0c0d0e0f101112131415161718");
    assert_string_equal(call->span.parent_id, "");
    assert_string_equal(attempt->span.trace_id, call->span.trace_id);
    assert_string_equal(attempt->span.parent_id, call->span.span_id);
    assert_string_equal(attempt->span.span_id, "191a1b1c1d1e1f20");
    assert_int_equal(call->span.flags, 1);
    assert_int_equal(attempt->span.attempt, 1);
    assert_int_equal(call->span.attempt, 0);
    assert_true(call->span.start_ns == UINT64_C(1700000000123000000) && call->span.end_ns == call->span.start_ns + 60 * LLMFI_MS);
    assert_true(attempt->span.start_ns == call->span.start_ns && attempt->span.end_ns == call->span.end_ns);
    assert_string_equal(kit_cstr(&call->attributes),
                        "gen_ai.operation.name=chat\ngen_ai.provider.name=openai\ngen_ai.request.model=gpt-x\ngen_ai.request.max_tokens=99\ngen_ai.request.temperature=0\n"
                        "gen_ai.request.top_p=0.5\ngen_ai.request.seed=-3\nserver.address=api.example.com\nserver.port=443\ngen_ai.response.id=req-1\ngen_ai.response.model=m-1\n"
                        "gen_ai.response.finish_reasons=[stop]\nhttp.response.status_code=200\ngen_ai.usage.input_tokens=100\ngen_ai.usage.output_tokens=20\n"
                        "gen_ai.usage.cache_read.input_tokens=40\ngen_ai.usage.reasoning.output_tokens=5\n");
    assert_false(kit_has(kit_cstr(&s.headers), "traceparent"));
    stage_close(&s);
}

static void test_span_of_failures(void **state) {
    stage s;
    llmf_desc d = stage_desc(&s);
    llmf_request r = a_request(true);
    llmf_model none = {0};
    (void)state;
    stage_open(&s, &d);
    s.status = 429;
    (void)run_call(&s, model_named(s.f, "openai:m"), &r, wrong, LLMFI_MS);
    assert_int_equal(s.span_count, 2);
    assert_int_equal(s.spans[0].span.result, LLMF_ERR_RATE_LIMIT);
    assert_true(kit_has(kit_cstr(&s.spans[1].attributes), "http.response.status_code=429\nerror.type=rate_limit\n"));
    (void)run_call(&s, none, &r, story, LLMFI_MS);
    assert_int_equal(s.span_count, 3);
    assert_string_equal(s.spans[2].name, "chat");
    assert_string_equal(kit_cstr(&s.spans[2].attributes), "gen_ai.operation.name=chat\nerror.type=stale\n");
    assert_int_equal(strlen(s.spans[2].span.trace_id), 32);
    r.op = 77;
    (void)run_call(&s, model_named(s.f, "openai:m"), &r, story, LLMFI_MS);
    assert_string_equal(s.spans[3].name, "other m");
    stage_close(&s);
}

/* The words of the conventions for providers, and ours where they have none. */
static void test_provider_words(void **state) {
    static const char *const rows[][2] = {{"gemini", "gcp.gemini"}, {"vertex", "gcp.vertex_ai"}, {"bedrock", "aws.bedrock"}, {"azure", "azure.ai.openai"}, {"mistral", "mistral_ai"},
                                          {"xai", "x_ai"}, {"openai_responses", "openai"}, {"groq", "groq"}, {"ollama", "ollama"}};
    size_t i;
    (void)state;
    for (i = 0; i < KIT_COUNT(rows); i++) assert_true(kit_is(llmfi_genai_provider(kit_str(rows[i][0])), rows[i][1]));
    for (i = 0; i < LLMFI_COUNT(llmfi_genai_names); i++) assert_true(llmfi_find_provider_row(kit_str(llmfi_genai_names[i][0])) >= 0);
}

#define PARENT "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-"

static void test_trace_parent(void **state) {
    static const char *const good[] = {PARENT "01", PARENT "00", "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-later"};
    static const char *const bad[] = {"", "x", "00", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331", "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                                      "00-00000000000000000000000000000000-b7ad6b7169203331-01", "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", PARENT "01-later",
                                      "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", PARENT "0g",
                                      "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331\n01", "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01later", PARENT "1"};
    stage s;
    llmf_desc d = stage_desc(&s);
    llmf_request r = a_request(true);
    llmf_response got;
    llmf_model m;
    char header[128];
    size_t i;
    int spans;
    (void)state;
    stage_open(&s, &d);
    m = model_named(s.f, "openai:m");
    for (i = 0; i < KIT_COUNT(good); i++) {
        const llmf_span *span;
        r.trace_parent = good[i];
        got = run_call(&s, m, &r, story, LLMFI_MS);
        assert_int_equal(got.error.code, LLMF_OK);
        span = &s.spans[s.span_count - 1].span;
        assert_string_equal(span->trace_id, "0af7651916cd43dd8448eb211c80319c");
        assert_string_equal(span->parent_id, "b7ad6b7169203331");
        assert_int_equal(span->flags, i == 1 ? 0 : 1);
        snprintf(header, sizeof header, "traceparent: 00-0af7651916cd43dd8448eb211c80319c-%s-%s\n", span->span_id, i == 1 ? "00" : "01");
        assert_true(kit_has(kit_cstr(&s.headers), header));
    }
    for (i = 0; i < KIT_COUNT(bad); i++) {
        spans = s.span_count;
        r.trace_parent = bad[i];
        got = run_call(&s, m, &r, story, LLMFI_MS);
        if (got.error.code != LLMF_ERR_ARGUMENT || !kit_has(got.error.text, "trace_parent")) fail_msg("%s: %s", bad[i], got.error.text);
        assert_int_equal(s.span_count, spans + 1); /* never sent, and told of with ids of its own */
        assert_int_equal(strlen(s.spans[spans].span.trace_id), 32);
        assert_string_not_equal(s.spans[spans].span.trace_id, "0af7651916cd43dd8448eb211c80319c");
        assert_string_equal(s.spans[spans].span.parent_id, "");
    }
    stage_close(&s);
}

/* Without a hook nobody knows a span of ours: the caller's own goes on. */
static void test_trace_parent_without_hook(void **state) {
    stage s;
    llmf_desc d = stage_desc(&s);
    llmf_request r = a_request(true);
    (void)state;
    d.span = NULL;
    stage_open(&s, &d);
    r.trace_parent = PARENT "01";
    assert_int_equal(run_call(&s, model_named(s.f, "openai:m"), &r, story, LLMFI_MS).error.code, LLMF_OK);
    assert_true(kit_has(kit_cstr(&s.headers), "traceparent: " PARENT "01\n"));
    r.trace_parent = NULL;
    assert_int_equal(run_call(&s, model_named(s.f, "openai:m"), &r, story, LLMFI_MS).error.code, LLMF_OK);
    assert_false(kit_has(kit_cstr(&s.headers), "traceparent"));
    stage_close(&s);
}

/* Ids of zeros are none; those made from the clock differ. */
static void test_ids(void **state) {
    stage s;
    llmf_desc d = stage_desc(&s);
    llmf_request r = a_request(true);
    char first[33];
    (void)state;
    stage_open(&s, &d);
    (void)run_call(&s, model_named(s.f, "openai:m"), &r, story, LLMFI_MS);
    (void)run_call(&s, model_named(s.f, "openai:m"), &r, story, LLMFI_MS);
    assert_string_not_equal(s.spans[1].span.trace_id, s.spans[3].span.trace_id);
    assert_string_not_equal(s.spans[1].span.span_id, s.spans[3].span.span_id);
    stage_close(&s);
    d = stage_desc(&s);
    d.random = stage_random;
    stage_open(&s, &d);
    s.random = 0xff; /* zeros, always */
    (void)run_call(&s, model_named(s.f, "openai:m"), &r, story, LLMFI_MS);
    snprintf(first, sizeof first, "%s", s.spans[1].span.trace_id);
    assert_string_equal(first, "00000000000000000000000000000001");
    assert_string_equal(s.spans[1].span.span_id, "0000000000000001");
    stage_close(&s);
}

/* What the hook asks for its own call is done behind it. */
static void free_inside(void *user, const llmf_span *span) {
    stage *s = (stage *)((char *)user - offsetof(stage, world));
    s->span_count++;
    assert_int_equal(llmf_cancel(s->f, span->call), LLMF_OK);
    if (span->attempt == 0) llmf_free(s->f, span->call);
}

static void test_hook_that_frees_its_call(void **state) {
    stage s;
    llmf_desc d = stage_desc(&s);
    llmf_request r = a_request(true);
    llmf_call c;
    int i;
    (void)state;
    d.span = free_inside;
    stage_open(&s, &d);
    s.pieces = story;
    c = llmf_start(s.f, model_named(s.f, "openai:m"), &r);
    for (i = 0; i < 20; i++) step(&s, LLMFI_MS);
    assert_int_equal(llmf_status(s.f, c, NULL), LLMF_ERR_STALE);
    assert_int_equal(s.span_count, 2);
    assert_null(s.f->calls);
    /* Outside of llmf_poll too: ended by llmf_cancel, by llmf_free, and before it was sent. */
    s.pieces = NULL;
    c = llmf_start(s.f, model_named(s.f, "openai:m"), &r);
    assert_int_equal(llmf_cancel(s.f, c), LLMF_OK);
    llmf_poll(s.f, 0);
    assert_int_equal(llmf_status(s.f, c, NULL), LLMF_ERR_STALE);
    llmf_free(s.f, llmf_start(s.f, model_named(s.f, "openai:m"), &r));
    r.prompt = NULL;
    (void)llmf_start(s.f, model_named(s.f, "openai:m"), &r);
    llmf_poll(s.f, 0);
    assert_int_equal(s.span_count, 2 + 2 + 2 + 1);
    assert_null(s.f->calls);
    stage_close(&s);
}

/* ---- the chain ---- */

static llmf_status_info status_at(llmf_factory *f, size_t i) {
    llmf_status_info info;
    if (!llmf_provider_status(f, i, &info)) fail_msg("there is no %lu", (unsigned long)i);
    assert_false(kit_has(info.reason, "CANARY"));
    assert_int_equal(info.breaker, LLMF_BREAKER_CLOSED);
    assert_int_equal(info.cooldown_ms, 0);
    assert_int_equal(info.requests_left, LLMF_UNKNOWN);
    assert_int_equal(info.tokens_left, LLMF_UNKNOWN);
    return info;
}

static void test_chain_of_variables(void **state) {
    static const char *const env[] = {"LLM_PRIMARY_PROVIDER", "claude", "LLM_FALLBACK_PROVIDERS", "groq, mistral:my-model ,bad\x01name", "GROQ_API_KEY", KEY_CANARY, "MISTRAL_API_KEY", KEY_CANARY, NULL};
    stage s;
    llmf_desc d = stage_desc(&s);
    llmf_status_info i;
    (void)state;
    d.api_key = NULL;
    stage_open(&s, &d);
    assert_false(llmf_provider_status(s.f, 0, &i)); /* nothing is set */
    assert_false(llmf_provider_status(NULL, 0, &i));
    llmf_close(s.f);
    s.world.env = env;
    stage_open(&s, &d);
    i = status_at(s.f, 0);
    assert_true(kit_is(i.provider, "anthropic") && i.model.len > 0 && !i.available && !i.current);
    assert_int_equal(i.unavailable, LLMF_ERR_AUTH);
    assert_true(kit_has(i.reason, "ANTHROPIC_API_KEY"));
    i = status_at(s.f, 1);
    assert_true(kit_is(i.provider, "groq") && i.model.len > 0 && i.available && i.current);
    assert_string_equal(i.reason, "");
    i = status_at(s.f, 2);
    assert_true(kit_is(i.provider, "mistral") && kit_is(i.model, "my-model") && i.available && !i.current);
    i = status_at(s.f, 3);
    assert_false(i.available);
    assert_true(i.unavailable != LLMF_OK && kit_has(i.reason, "control character"));
    assert_false(llmf_provider_status(s.f, 4, &i));
    assert_int_equal(s.f->last_error.code, LLMF_OK); /* a question leaves no error behind */
    stage_close(&s);
}

/* A primary provider that cannot be had is told of, and the fallbacks behind it. */
static void test_chain_without_its_head(void **state) {
    static const char *const env[] = {"LLM_PROVIDER", "no-such-provider", "LLM_FALLBACK_PROVIDERS", ",ollama:llama3.2,", NULL};
    stage s;
    llmf_desc d = stage_desc(&s);
    llmf_status_info i;
    (void)state;
    s.world.env = env;
    stage_open(&s, &d);
    i = status_at(s.f, 0);
    assert_int_equal(i.unavailable, LLMF_ERR_UNKNOWN_PROVIDER);
    assert_true(!i.available && !i.current && kit_has(i.reason, "no-such-provider"));
    i = status_at(s.f, 1);
    assert_true(kit_is(i.provider, "ollama") && i.current);
    assert_false(llmf_provider_status(s.f, 2, &i));
    assert_int_equal(s.f->last_error.code, LLMF_OK);
    stage_close(&s);
}

static void test_chain_of_config(void **state) {
    stage s;
    llmf_desc d = stage_desc(&s);
    llmf_status_info i;
    (void)state;
    d.config_text = "default_model: a\nmodels:\n  a: {provider: openai, model_id: x, fallbacks: [b, \"ollama:llama3.2\"]}\n  b: {provider: groq, model_id: y}\n";
    stage_open(&s, &d);
    i = status_at(s.f, 0);
    assert_true(kit_is(i.provider, "openai") && kit_is(i.model, "x") && i.current);
    i = status_at(s.f, 1);
    assert_true(kit_is(i.provider, "groq") && kit_is(i.model, "y") && i.available && !i.current);
    i = status_at(s.f, 2);
    assert_true(kit_is(i.provider, "ollama") && kit_is(i.model, "llama3.2") && i.available && !i.current);
    assert_false(llmf_provider_status(s.f, 3, &i));
    stage_close(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reader_finds_faults),
        cmocka_unit_test(test_reader_on_the_corpus),
        cmocka_unit_test(test_one_stream_exactly),
        cmocka_unit_test(test_overhead),
        cmocka_unit_test(test_plain_replies_have_no_first_token),
        cmocka_unit_test(test_every_end),
        cmocka_unit_test(test_previews_do_not_count),
        cmocka_unit_test(test_off),
        cmocka_unit_test(test_read_while_running),
        cmocka_unit_test(test_hostile_names_and_the_bound),
        cmocka_unit_test(test_labels),
        cmocka_unit_test(test_bound_exactly),
        cmocka_unit_test(test_decimals),
        cmocka_unit_test(test_buckets),
        cmocka_unit_test(test_money_stops),
        cmocka_unit_test(test_any_buffer),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_least_memory),
        cmocka_unit_test(test_seams),
        cmocka_unit_test(test_batches_are_attempts),
        cmocka_unit_test(test_span_exactly),
        cmocka_unit_test(test_span_of_failures),
        cmocka_unit_test(test_provider_words),
        cmocka_unit_test(test_trace_parent),
        cmocka_unit_test(test_trace_parent_without_hook),
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_hook_that_frees_its_call),
        cmocka_unit_test(test_chain_of_variables),
        cmocka_unit_test(test_chain_without_its_head),
        cmocka_unit_test(test_chain_of_config),
    };
    return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}
