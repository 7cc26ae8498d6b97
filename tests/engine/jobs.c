/* Batches that the provider itself runs, as each of them has it: what is submitted, to the byte; looked at, collected in another order, with errors, twice, in part;
   cancelled; cut at each byte of the results; stopped at each step; short of memory at every allocation. The provider is the test's own (script.h). Then the replies
   that were recorded, and the loopback server. */
#include "script.h"
#include "server.h"
#include "../unit/corpus.h"

static script s;
static size_t used;

/* ---- the providers ---- */

typedef struct host {
    const char *model, *id;
    const char *sent[2];                     /* what the body of two requests must hold, or be */
    bool lines;                              /* it goes up as a file */
    const char *ready, *busy, *failed;       /* the states of a batch */
    const char *in_file;                     /* where the results are fetched from; NULL: they come with the state */
} host;

static const host hosts[] = {
    {"openai:gpt-4o-mini", "batch_1",
     {"{\"custom_id\":\"0\",\"method\":\"POST\",\"url\":\"/v1/chat/completions\",\"body\":{\"model\":\"gpt-4o-mini\",\"messages\":[{\"role\":\"user\",\"content\":\"0\"}]}}\n",
      "{\"custom_id\":\"1\",\"method\":\"POST\",\"url\":\"/v1/chat/completions\",\"body\":{\"model\":\"gpt-4o-mini\",\"messages\":[{\"role\":\"user\",\"content\":\"1\"}]}}\n"},
     true,
     "{\"id\":\"batch_1\",\"object\":\"batch\",\"errors\":null,\"status\":\"completed\",\"output_file_id\":\"file-out\",\"error_file_id\":\"file-err\",\"request_counts\":{\"total\":4,\"completed\":3,\"failed\":1}}",
     "{\"id\":\"batch_1\",\"object\":\"batch\",\"errors\":null,\"status\":\"in_progress\",\"output_file_id\":null,\"error_file_id\":null,\"request_counts\":{\"total\":4,\"completed\":1,\"failed\":0}}",
     "{\"id\":\"batch_1\",\"object\":\"batch\",\"errors\":{\"object\":\"list\",\"data\":[{\"code\":\"x\",\"message\":\"line 2 is no JSON\",\"line\":2}]},\"status\":\"failed\",\"output_file_id\":null,\"error_file_id\":null}",
     "/files/file-out/content"},
    {"openai_responses:gpt-5-mini", "batch_1",
     {"{\"custom_id\":\"0\",\"method\":\"POST\",\"url\":\"/v1/responses\",\"body\":{\"model\":\"gpt-5-mini\",", "{\"custom_id\":\"1\",\"method\":\"POST\",\"url\":\"/v1/responses\",\"body\":{\"model\":\"gpt-5-mini\","},
     true,
     "{\"id\":\"batch_1\",\"object\":\"batch\",\"errors\":null,\"status\":\"completed\",\"output_file_id\":\"file-out\",\"error_file_id\":\"file-err\",\"request_counts\":{\"total\":4,\"completed\":3,\"failed\":1}}",
     "{\"id\":\"batch_1\",\"object\":\"batch\",\"errors\":null,\"status\":\"finalizing\",\"output_file_id\":null,\"error_file_id\":null,\"request_counts\":{\"total\":4,\"completed\":1,\"failed\":0}}",
     "{\"id\":\"batch_1\",\"object\":\"batch\",\"errors\":{\"object\":\"list\",\"data\":[{\"code\":\"x\",\"message\":\"line 2 is no JSON\",\"line\":2}]},\"status\":\"failed\"}",
     "/files/file-out/content"},
    {"mistral:mistral-small-latest", "ca1cd668-91bd",
     {"{\"endpoint\":\"/v1/chat/completions\",\"model\":\"mistral-small-latest\",\"requests\":[{\"custom_id\":\"0\",\"body\":{\"messages\":[{\"role\":\"user\",\"content\":\"0\"}]}},",
      "{\"custom_id\":\"1\",\"body\":{\"messages\":[{\"role\":\"user\",\"content\":\"1\"}]}},"},
     false,
     "{\"id\":\"ca1cd668-91bd\",\"object\":\"batch\",\"output_file\":\"file-out\",\"error_file\":\"file-err\",\"errors\":[],\"outputs\":null,\"status\":\"SUCCESS\",\"total_requests\":4,\"completed_requests\":4,\"succeeded_requests\":3,\"failed_requests\":1}",
     "{\"id\":\"ca1cd668-91bd\",\"object\":\"batch\",\"output_file\":null,\"error_file\":null,\"errors\":[],\"outputs\":null,\"status\":\"RUNNING\",\"total_requests\":4,\"completed_requests\":1,\"succeeded_requests\":1,\"failed_requests\":0}",
     "{\"id\":\"ca1cd668-91bd\",\"object\":\"batch\",\"output_file\":null,\"error_file\":null,\"errors\":[{\"message\":\"line 2 is no JSON\",\"count\":1}],\"outputs\":null,\"status\":\"FAILED\",\"total_requests\":4}",
     "/files/file-out/content"},
    {"anthropic:claude-haiku-4-5", "msgbatch_1",
     {"{\"requests\":[{\"custom_id\":\"0\",\"params\":{\"model\":\"claude-haiku-4-5\",", "{\"custom_id\":\"1\",\"params\":{\"model\":\"claude-haiku-4-5\","},
     false,
     "{\"id\":\"msgbatch_1\",\"type\":\"message_batch\",\"processing_status\":\"ended\",\"request_counts\":{\"processing\":0,\"succeeded\":3,\"errored\":1,\"canceled\":0,\"expired\":0},\"results_url\":\"https://elsewhere.test/x\"}",
     "{\"id\":\"msgbatch_1\",\"type\":\"message_batch\",\"processing_status\":\"in_progress\",\"request_counts\":{\"processing\":3,\"succeeded\":1,\"errored\":0,\"canceled\":0,\"expired\":0},\"results_url\":null}",
     NULL, "/v1/messages/batches/msgbatch_1/results"},
    {"gemini:gemini-2.5-flash", "batches/31u18",
     {"{\"batch\":{\"displayName\":\"llmfactory\",\"inputConfig\":{\"requests\":{\"requests\":[{\"metadata\":{\"key\":\"0\"},\"request\":{\"generationConfig\":{},\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"0\"}]}]",
      "{\"metadata\":{\"key\":\"1\"},\"request\":{\"generationConfig\":{},\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"1\"}]}]"},
     false, NULL,
     "{\"name\":\"batches/31u18\",\"metadata\":{\"@type\":\"x\",\"batchStats\":{\"requestCount\":\"4\",\"pendingRequestCount\":\"3\",\"successfulRequestCount\":\"1\"},\"state\":\"BATCH_STATE_RUNNING\",\"name\":\"batches/31u18\"}}",
     "{\"name\":\"batches/31u18\",\"metadata\":{\"state\":\"BATCH_STATE_FAILED\"},\"done\":true,\"error\":{\"code\":3,\"message\":\"line 2 is no JSON\"}}",
     NULL}
};

/* ---- replies ---- */

#define CHAT(n) "{\"id\":\"a\",\"object\":\"chat.completion\",\"model\":\"m\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"" n \
    "\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":3,\"total_tokens\":10}}"
#define RESPONSE(n) "{\"id\":\"resp_1\",\"object\":\"response\",\"status\":\"completed\",\"model\":\"m\",\"output\":[{\"type\":\"message\",\"id\":\"msg_1\",\"status\":\"completed\"," \
    "\"role\":\"assistant\",\"content\":[{\"type\":\"output_text\",\"text\":\"" n "\",\"annotations\":[]}]}],\"usage\":{\"input_tokens\":7,\"output_tokens\":3,\"total_tokens\":10}}"
#define MESSAGE(n) "{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\",\"content\":[{\"type\":\"text\",\"text\":\"" n \
    "\"}],\"stop_reason\":\"end_turn\",\"stop_sequence\":null,\"usage\":{\"input_tokens\":7,\"output_tokens\":3}}"
#define CANDIDATE(n) "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"" n "\"}],\"role\":\"model\"},\"finishReason\":\"STOP\",\"index\":0}]," \
    "\"usageMetadata\":{\"promptTokenCount\":7,\"candidatesTokenCount\":3,\"totalTokenCount\":10},\"modelVersion\":\"m\"}"
#define LINE(n, body) "{\"id\":\"batch_req_1\",\"custom_id\":\"" n "\",\"response\":{\"status_code\":200,\"request_id\":\"r\",\"body\":" body "},\"error\":null}\n"
#define WRONG_LINE "{\"id\":\"batch_req_2\",\"custom_id\":\"1\",\"response\":{\"status_code\":400,\"request_id\":\"r\",\"body\":{\"error\":{\"message\":\"no such thing\"," \
    "\"type\":\"invalid_request_error\",\"param\":null,\"code\":null}}},\"error\":null}\n"
#define GEMINI_RESULTS "{\"inlinedResponses\":[{\"response\":" CANDIDATE("3") ",\"metadata\":{\"key\":\"3\"}},{\"error\":{\"code\":3,\"message\":\"no such thing\"},\"metadata\":{\"key\":\"1\"}}," \
    "{\"response\":" CANDIDATE("2") ",\"metadata\":{\"key\":\"2\"}},{\"response\":" CANDIDATE("0") ",\"metadata\":{\"key\":\"0\"}}]}"
static const char gemini_ready[] = "{\"name\":\"batches/31u18\",\"metadata\":{\"@type\":\"x\",\"output\":{\"inlinedResponses\":" GEMINI_RESULTS "},\"batchStats\":{\"requestCount\":\"4\","
    "\"successfulRequestCount\":\"3\",\"failedRequestCount\":\"1\"},\"state\":\"BATCH_STATE_SUCCEEDED\"},\"done\":true,\"response\":{\"@type\":\"y\",\"inlinedResponses\":" GEMINI_RESULTS "}}";
static const char chat_lines[] = LINE("3", CHAT("3")) LINE("2", CHAT("2")) LINE("0", CHAT("0"));
static const char response_lines[] = LINE("3", RESPONSE("3")) LINE("2", RESPONSE("2")) LINE("0", RESPONSE("0"));
static const char message_lines[] = "{\"custom_id\":\"3\",\"result\":{\"type\":\"succeeded\",\"message\":" MESSAGE("3") "}}\n"
    "{\"custom_id\":\"1\",\"result\":{\"type\":\"errored\",\"error\":{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"no such thing\"}}}}\n"
    "{\"custom_id\":\"2\",\"result\":{\"type\":\"succeeded\",\"message\":" MESSAGE("2") "}}\n{\"custom_id\":\"0\",\"result\":{\"type\":\"succeeded\",\"message\":" MESSAGE("0") "}}\n";

/* What the test wants of the provider. */
static const host *at;
static const char *state_is, *made_is;       /* the body of a look; NULL: `ready`. Of the reply to what was submitted; NULL: `busy` */
static const char *lines_are, *errors_are;   /* of its results; NULL: those above */
static size_t cut_at;                        /* of the results */
static kit_text trace;                       /* method and path of each request, a line each */
static kit_text submitted;                   /* the body of what was submitted */

static const char *results_of(const host *h) {
    if (lines_are) return lines_are;
    if (kit_has(h->model, "responses")) return response_lines;
    return kit_has(h->model, "anthropic") ? message_lines : chat_lines;
}

static script_reply provider(script *x, const llmf_http_request *req, int n) {
    script_reply r;
    const char *path = strstr(x->url, ".test") + 5;
    bool posts = kit_is(req->method, "POST");
    (void)n;
    memset(&r, 0, sizeof r);
    kit_addf(&trace, "%s %s\n", posts ? "POST" : "GET", path);
    r.delay_ms = 5;
    r.status = 200;
    if (posts && x->body[0] && !kit_has(x->body, "input_file_id")) {
        submitted.len = 0;
        kit_adds(&submitted, x->body);
    }
    if (strstr(path, "/files") && posts) r.body = "{\"id\":\"file-in\",\"object\":\"file\",\"bytes\":9,\"purpose\":\"batch\",\"status\":\"processed\"}";
    else if (at->in_file && strstr(path, at->in_file)) r.body = results_of(at), r.cut = cut_at;
    else if (strstr(path, "file-err")) r.body = errors_are ? errors_are : WRONG_LINE;
    else if (strstr(path, "cancel")) r.body = at->in_file ? at->busy : "{}";
    else if (posts) r.body = made_is ? made_is : at->busy;
    else r.body = state_is ? state_is : at->ready ? at->ready : gemini_ready, r.cut = at->ready ? 0 : cut_at;
    return r;
}

/* ---- the program ---- */

typedef struct seen {
    int asked, told, failed, wrong, stop_at, count;
    int codes[8];
    char texts[8][512];
    bool done[8];
    llmf_factory *f;
    llmf_call call, free_it;
} seen;
static seen w;
static char prompts[8][16];

static int give(void *user, size_t i, llmf_request *req, llmf_model *m) {
    (void)user, (void)m;
    w.asked++;
    if (i >= (size_t)w.count) return LLMF_STOP;
    snprintf(prompts[i], sizeof prompts[i], "%u", (unsigned)i);
    req->prompt = prompts[i];
    return LLMF_CONTINUE;
}

static int take(void *user, const llmf_batch_item *item) {
    const llmf_response *r = item->response;
    (void)user;
    w.told++;
    if (item->done != (size_t)w.told || item->index >= 8 || w.done[item->index & 7]) w.wrong++;
    w.done[item->index & 7] = true;
    w.codes[item->index & 7] = r->error.code;
    snprintf(w.texts[item->index & 7], sizeof w.texts[0], "%s", r->error.code ? r->error.text : r->text.ptr);
    if (r->error.code) w.failed++;
    if (w.free_it.id) llmf_free(w.f, w.free_it);
    return w.told == w.stop_at ? LLMF_STOP : LLMF_CONTINUE;
}

static const llmf_filter *the_filter;
static int (*with_secret)(void *user, llmf_secret_query *q);

static llmf_factory *open_at(const host *h) {
    llmf_desc d = script_desc(&s, provider);
    llmf_request first;
    llmf_error err;
    llmf_factory *f;
    llmf_model m;
    d.no_env = true;
    d.base_url = "https://host.test";
    d.api_key = with_secret ? NULL : "a-secret-key";
    d.secret = with_secret;
    d.max_calls = 8;
    d.filters = the_filter;
    d.filter_count = the_filter != NULL;
    f = llmf_open(&d, &err);
    if (!f) fail_msg("%s", err.text);
    at = h;
    state_is = made_is = lines_are = errors_are = NULL;
    cut_at = 0;
    m = llmf_get(f, h->model, &err);
    assert_true(m.id != 0);
    memset(&first, 0, sizeof first);
    first.prompt = "0";
    llmf_free(f, llmf_start(f, m, &first)); /* what a factory keeps behind its first call; nothing is sent before llmf_poll */
    used = kit_used(f);
    trace.len = submitted.len = 0;
    memset(&w, 0, sizeof w);
    w.f = f;
    w.count = 4;
    return f;
}

static llmf_batch batch_at(llmf_factory *f) {
    llmf_batch b;
    llmf_error err;
    memset(&b, 0, sizeof b);
    b.model = llmf_get(f, at->model, &err);
    b.request = give;
    b.result = take;
    return b;
}

static llmf_response last;
static char text[512];

/* Until its final event; how it ended. */
static int finish(llmf_factory *f, llmf_call c) {
    llmf_event ev;
    int i;
    assert_true(c.id != 0);
    w.call = c;
    for (i = 0; i < 100000; i++) {
        if (llmf_next(f, c, &ev)) {
            last = *ev.response;
            snprintf(text, sizeof text, "%s", ev.response->error.text);
            assert_false(llmf_next(f, c, &ev));
            llmf_free(f, c);
            return last.error.code;
        }
        if (!script_step(&s, f)) break;
    }
    fail_msg("it does not end");
    return -1;
}

static void ends(llmf_factory *f, int action, const llmf_batch *b, llmf_batch_job *job, int code) {
    int got = finish(f, llmf_start_job(f, action, b, job));
    if (got != code) fail_msg("%s, action %d: %d %s", at->model, action, got, text);
}

static void close_all(llmf_factory *f) {
    assert_int_equal(f->active, 0);
    assert_null(f->calls);
    assert_int_equal(kit_used(f), used);
    llmf_close(f);
    assert_int_equal(s.under_way, 0);
    kit_drop(&s.w.log);
}

static llmf_batch_job job_at(const host *h) {
    llmf_batch_job job;
    memset(&job, 0, sizeof job);
    snprintf(job.id, sizeof job.id, "%s", h->id);
    return job;
}

/* ---- as it should be ---- */

static void all_four(const char *in) {
    int i;
    if (w.told != 4 || w.failed != 1 || w.wrong) fail_msg("%s: %d results, %d failed, %d wrong", in, w.told, w.failed, w.wrong);
    assert_int_equal(w.codes[1], LLMF_ERR_BAD_REQUEST);
    assert_true(kit_has(w.texts[1], "no such thing"));
    for (i = 0; i < 4; i++)
        if (i != 1 && (w.texts[i][0] != '0' + i || w.texts[i][1])) fail_msg("%s: result %d is %s", in, i, w.texts[i]);
}

static void each_provider(void **state) {
    size_t i;
    (void)state;
    for (i = 0; i < KIT_COUNT(hosts); i++) {
        llmf_factory *f = open_at(&hosts[i]);
        llmf_batch b = batch_at(f);
        llmf_batch_job job;
        llmf_model_info info;
        memset(&job, 0, sizeof job);
        ends(f, LLMF_BATCH_SUBMIT, &b, &job, LLMF_OK);
        assert_string_equal(job.id, at->id);
        assert_int_equal(job.state, LLMF_JOB_RUNS);
        assert_int_equal(job.total, 4);
        assert_int_equal(w.asked, 5); /* each once, and the end */
        assert_int_equal(w.told, 0);
        if (!kit_has(submitted.ptr, at->sent[0]) || !kit_has(submitted.ptr, at->sent[1])) fail_msg("%s", submitted.ptr);
        assert_int_equal(kit_has(submitted.ptr, "name=\"purpose\"\r\n\r\nbatch\r\n--llmfactory-"), at->lines);
        if (!at->lines) assert_true(llmf_json_valid(llmfi_str(submitted.ptr, submitted.len), NULL));
        state_is = at->busy;
        ends(f, LLMF_BATCH_POLL, &b, &job, LLMF_OK);
        assert_int_equal(job.state, LLMF_JOB_RUNS);
        assert_int_equal(job.done, 1);
        ends(f, LLMF_BATCH_COLLECT, &b, &job, LLMF_ERR_ARGUMENT); /* too early */
        assert_true(kit_has(text, "LLMF_JOB_DONE") && kit_has(text, job.status));
        state_is = NULL;
        ends(f, LLMF_BATCH_POLL, &b, &job, LLMF_OK);
        assert_int_equal(job.state, LLMF_JOB_DONE);
        assert_int_equal(job.total, 4);
        assert_int_equal(job.done, 3);
        assert_int_equal(job.failed, 1);
        assert_int_equal(w.told, 0);
        ends(f, LLMF_BATCH_COLLECT, &b, &job, LLMF_OK);
        all_four(at->model);
        assert_int_equal(last.usage.input, 21);
        assert_int_equal(last.usage.output, 9);
        llmf_describe(f, b.model, &info);
        if (info.price_input > 0) assert_int_equal(last.cost_pico, 3 * (7 * info.price_input + 3 * info.price_output) / 2);
        else assert_int_equal(last.cost_pico, LLMF_UNKNOWN);
        if (kit_has(at->model, "openai:"))
            assert_string_equal(trace.ptr, "POST /files\nPOST /batches\nGET /batches/batch_1\nGET /batches/batch_1\nGET /batches/batch_1\nGET /batches/batch_1\n"
                                           "GET /files/file-out/content\nGET /files/file-err/content\n");
        if (kit_has(at->model, "mistral:"))
            assert_string_equal(trace.ptr, "POST /batch/jobs\nGET /batch/jobs/ca1cd668-91bd\nGET /batch/jobs/ca1cd668-91bd\nGET /batch/jobs/ca1cd668-91bd\nGET /batch/jobs/ca1cd668-91bd\n"
                                           "GET /files/file-out/content\nGET /files/file-err/content\n");
        if (kit_has(at->model, "anthropic:"))
            assert_string_equal(trace.ptr, "POST /v1/messages/batches\nGET /v1/messages/batches/msgbatch_1\nGET /v1/messages/batches/msgbatch_1\nGET /v1/messages/batches/msgbatch_1\n"
                                           "GET /v1/messages/batches/msgbatch_1\nGET /v1/messages/batches/msgbatch_1/results\n");
        if (kit_has(at->model, "gemini:"))
            assert_string_equal(trace.ptr, "POST /v1/models/gemini-2.5-flash:batchGenerateContent\nGET /v1/batches/31u18\nGET /v1/batches/31u18\nGET /v1/batches/31u18\nGET /v1/batches/31u18\n");
        close_all(f);
    }
}

static void cancelled(void **state) {
    size_t i;
    (void)state;
    for (i = 0; i < KIT_COUNT(hosts); i++) {
        llmf_factory *f = open_at(&hosts[i]);
        llmf_batch b = batch_at(f);
        llmf_batch_job job = job_at(at);
        ends(f, LLMF_BATCH_CANCEL, &b, &job, LLMF_OK);
        assert_int_equal(job.state, LLMF_JOB_DONE); /* what the look behind it says */
        assert_true(kit_has(trace.ptr, kit_has(at->model, "gemini") ? "31u18:cancel" : "/cancel"));
        close_all(f);
    }
}

static void failed(void **state) {
    size_t i;
    (void)state;
    for (i = 0; i < KIT_COUNT(hosts); i++) {
        llmf_factory *f;
        llmf_batch b;
        llmf_batch_job job;
        if (!hosts[i].failed) continue;
        f = open_at(&hosts[i]);
        b = batch_at(f);
        job = job_at(at);
        state_is = at->failed;
        ends(f, LLMF_BATCH_POLL, &b, &job, LLMF_OK);
        assert_int_equal(job.state, LLMF_JOB_FAILED);
        ends(f, LLMF_BATCH_COLLECT, &b, &job, LLMF_ERR_BAD_REQUEST);
        assert_true(kit_has(text, "line 2 is no JSON"));
        close_all(f);
    }
}

/* Some of the results: those that are not skipped; those until the program stops. */
static void in_part(void **state) {
    static const unsigned char skip[4] = {0, 1, 0, 1};
    static llmf_response places[4];
    size_t i;
    (void)state;
    for (i = 0; i < KIT_COUNT(hosts); i++) {
        llmf_factory *f = open_at(&hosts[i]);
        llmf_batch b = batch_at(f);
        llmf_batch_job job = job_at(at);
        b.count = 4;
        b.skip = skip;
        ends(f, LLMF_BATCH_COLLECT, &b, &job, LLMF_OK);
        assert_int_equal(w.told, 2);
        assert_true(w.done[0] && w.done[2]);
        memset(&w, 0, sizeof w);
        w.stop_at = 2;
        b.skip = NULL;
        ends(f, LLMF_BATCH_COLLECT, &b, &job, LLMF_ERR_CANCELLED);
        assert_int_equal(w.told, 2);
        memset(&w, 0, sizeof w);
        memset(places, 0, sizeof places);
        b.result = NULL;
        b.responses = places;
        ends(f, LLMF_BATCH_COLLECT, &b, &job, LLMF_OK);
        assert_true(kit_is(places[2].text, "2") && places[1].error.code == LLMF_ERR_BAD_REQUEST);
        assert_int_equal(places[2].provider.len, strchr(at->model, ':') - at->model);
        for (w.told = 0; w.told < 4; w.told++) llmf_release(f, &places[w.told]); /* they outlive it */
        close_all(f);
    }
}

/* Results that have come already, of nobody, not asked, in a form that nobody knows. */
static void odd_results(void **state) {
    llmf_factory *f = open_at(&hosts[0]);
    llmf_batch b = batch_at(f);
    llmf_batch_job job = job_at(at);
    (void)state;
    b.count = 4;
    lines_are = LINE("2", CHAT("2")) LINE("2", CHAT("x"));
    errors_are = "{\"id\":\"1\",\"custom_id\":\"0\",\"response\":null,\"error\":{\"code\":\"batch_expired\",\"message\":\"late\"}}\n"
                 "{\"id\":\"1\",\"custom_id\":\"1\",\"response\":null,\"error\":{\"code\":\"batch_cancelled\",\"message\":\"gone\"}}\n"
                 "{\"id\":\"1\",\"custom_id\":\"3\",\"response\":null,\"error\":null}";
    ends(f, LLMF_BATCH_COLLECT, &b, &job, LLMF_OK);
    assert_int_equal(w.told, 4);
    assert_int_equal(w.wrong, 0);
    assert_string_equal(w.texts[2], "2");
    assert_int_equal(w.codes[0], LLMF_ERR_TIMEOUT);
    assert_int_equal(w.codes[1], LLMF_ERR_CANCELLED);
    assert_int_equal(w.codes[3], LLMF_ERR_PROTOCOL);
    memset(&w, 0, sizeof w);
    lines_are = LINE("1", CHAT("1")) LINE("4", CHAT("4"));
    ends(f, LLMF_BATCH_COLLECT, &b, &job, LLMF_ERR_ARGUMENT);
    assert_true(kit_has(text, "\"4\""));
    assert_int_equal(w.told, 1);
    memset(&w, 0, sizeof w);
    lines_are = LINE("mine", CHAT("1"));
    ends(f, LLMF_BATCH_COLLECT, &b, &job, LLMF_ERR_ARGUMENT);
    memset(&w, 0, sizeof w);
    lines_are = LINE("1", CHAT("1")) "<html>\n";
    ends(f, LLMF_BATCH_COLLECT, &b, &job, LLMF_ERR_PROTOCOL);
    assert_int_equal(w.told, 1);
    state_is = "{\"id\":\"another\",\"status\":\"completed\"}"; /* a later reply makes it no other batch */
    ends(f, LLMF_BATCH_POLL, &b, &job, LLMF_OK);
    assert_string_equal(job.id, "batch_1");
    memset(&w, 0, sizeof w);
    lines_are = "{\"custom_id\":\"1\",\"response\":{\"status_code\":4294967496,\"body\":" CHAT("1") "},\"error\":null}\n"
                "{\"custom_id\":\"2\",\"response\":{\"status_code\":400,\"body\":{\"error\":{\"message\":\"your key a-secret-key is wrong\"}}},\"error\":null}\n";
    errors_are = "\n";
    state_is = NULL;
    ends(f, LLMF_BATCH_COLLECT, &b, &job, LLMF_OK);
    assert_true(w.codes[1] != LLMF_OK && w.codes[2] == LLMF_ERR_BAD_REQUEST);
    assert_true(kit_has(w.texts[2], "[key]") && !kit_has(w.texts[2], "a-secret"));
    state_is = "{\"id\":\"batch_1\",\"status\":\"failed\",\"errors\":{\"data\":[{\"message\":\"a-secret-key has no credit\"}]}}";
    ends(f, LLMF_BATCH_COLLECT, &b, &job, LLMF_ERR_BAD_REQUEST);
    assert_true(kit_has(text, "[key] has no credit") && !kit_has(text, "a-secret"));
    memset(job.id, 'x', sizeof job.id); /* no end */
    assert_int_equal(finish(f, llmf_start_job(f, LLMF_BATCH_POLL, &b, &job)), LLMF_ERR_ARGUMENT);
    job = job_at(at);
    state_is = "{\"id\":\"batch_1\"}";
    ends(f, LLMF_BATCH_POLL, &b, &job, LLMF_ERR_PROTOCOL);
    w.count = 4;
    made_is = "{\"id\":\"../models\",\"status\":\"validating\"}"; /* no id may lead elsewhere */
    ends(f, LLMF_BATCH_SUBMIT, &b, &job, LLMF_ERR_PROTOCOL);
    made_is = "{\"id\":\"\",\"status\":\"validating\"}";     /* nor be missing: nobody could collect it */
    ends(f, LLMF_BATCH_SUBMIT, &b, &job, LLMF_ERR_PROTOCOL);
    state_is = "{\"object\":\"list\"}";
    ends(f, LLMF_BATCH_POLL, &b, &job, LLMF_ERR_PROTOCOL);
    state_is = "{\"id\":\"batch_1\",\"status\":\"resting\"}";
    ends(f, LLMF_BATCH_POLL, &b, &job, LLMF_OK);
    assert_int_equal(job.state, LLMF_JOB_UNKNOWN);
    assert_string_equal(job.status, "resting");
    close_all(f);
}

/* The connection breaks at each byte of the results: what had come is told, and the end is an error, but where nothing is missing. */
static void cut(void **state) {
    size_t i, n, len;
    (void)state;
    for (i = 0; i < KIT_COUNT(hosts); i++) {
        len = hosts[i].in_file ? strlen((at = &hosts[i], lines_are = NULL, results_of(at))) : sizeof gemini_ready - 1;
        for (n = 1; n < len; n++) {
            llmf_factory *f = open_at(&hosts[i]);
            llmf_batch b = batch_at(f);
            llmf_batch_job job = job_at(at);
            int code;
            errors_are = "\n";
            cut_at = n;
            code = finish(f, llmf_start_job(f, LLMF_BATCH_COLLECT, &b, &job));
            if (code == LLMF_OK && n + 1 < len && results_of(at)[n - 1] != '\n' && results_of(at)[n] != '\n') fail_msg("%s cut at %u of %u: ok", at->model, (unsigned)n, (unsigned)len);
            if (code != LLMF_OK && code != LLMF_ERR_TRUNCATED && code != LLMF_ERR_PROTOCOL) fail_msg("%s cut at %u: %d %s", at->model, (unsigned)n, code, text);
            assert_int_equal(w.wrong, 0);
            close_all(f);
        }
    }
}

/* ---- what is wrong ---- */

static int give_bad(void *user, size_t i, llmf_request *req, llmf_model *m) {
    int rc = give(user, i, req, m);
    if (i == 1) req->prompt = NULL;
    if (i == 2) req->op = LLMF_OP_EMBED;
    if (i == 3) m->id = 99;
    return rc;
}

static int give_none(void *user, size_t i, llmf_request *req, llmf_model *m) {
    (void)user, (void)i, (void)req, (void)m;
    return i < 3 ? LLMF_SKIP : LLMF_STOP;
}

static void refused(llmf_factory *f, int action, const llmf_batch *b, llmf_batch_job *job, const char *word) {
    int code = finish(f, llmf_start_job(f, action, b, job));
    if (code != LLMF_ERR_ARGUMENT || !kit_has(text, word)) fail_msg("%d: %s", code, text);
}

static void wrong(void **state) {
    static llmf_request one;
    llmf_factory *f = open_at(&hosts[0]);
    llmf_batch good = batch_at(f), b = good;
    llmf_batch_job job = job_at(at), none = job;
    llmf_error err;
    (void)state;
    b.model = llmf_get(f, "ollama:llama3.2", &err);
    ends(f, LLMF_BATCH_SUBMIT, &b, &job, LLMF_ERR_UNSUPPORTED);
    assert_true(kit_has(text, "batches of its own") && kit_has(text, "anthropic") && kit_has(text, "groq"));
    used = kit_used(f);                          /* with what is kept of that model */
    b = good;
    refused(f, 0, &b, &job, "action");
    refused(f, LLMF_BATCH_POLL, &b, NULL, "job is NULL");
    b.request = NULL, refused(f, LLMF_BATCH_SUBMIT, &b, &job, "requests and request");
    b.requests = &one, refused(f, LLMF_BATCH_SUBMIT, &b, &job, "count is 0");
    b = good, b.result = NULL, refused(f, LLMF_BATCH_COLLECT, &b, &job, "neither result nor responses");
    b = good, b.in_order = 1, refused(f, LLMF_BATCH_COLLECT, &b, &job, "in_order");
    b = good, none.id[0] = '\0', refused(f, LLMF_BATCH_POLL, &b, &none, "llmf_batch_job.id");
    snprintf(none.id, sizeof none.id, "a/../b"), refused(f, LLMF_BATCH_CANCEL, &b, &none, "llmf_batch_job.id");
    snprintf(none.id, sizeof none.id, "a?b=c"), refused(f, LLMF_BATCH_COLLECT, &b, &none, "llmf_batch_job.id");
    b = good, b.request = give_none, refused(f, LLMF_BATCH_SUBMIT, &b, &job, "no request to submit");
    assert_int_equal(s.asked, 0);                /* nothing was sent */
    b = good, b.request = give_bad;              /* those that cannot be sent are results */
    ends(f, LLMF_BATCH_SUBMIT, &b, &job, LLMF_OK);
    assert_int_equal(w.told, 3);
    assert_int_equal(w.codes[1], LLMF_ERR_ARGUMENT);
    assert_int_equal(w.codes[2], LLMF_ERR_UNSUPPORTED);
    assert_int_equal(w.codes[3], LLMF_ERR_ARGUMENT);
    assert_true(kit_has(submitted.ptr, "\"custom_id\":\"0\"") && !kit_has(submitted.ptr, "\"custom_id\":\"1\""));
    b.result = NULL;                             /* nobody would see them: the first ends it */
    ends(f, LLMF_BATCH_SUBMIT, &b, &job, LLMF_ERR_ARGUMENT);
    b.model.id = 77;
    ends(f, LLMF_BATCH_SUBMIT, &b, &job, LLMF_ERR_STALE);
    assert_int_equal(llmf_start_job(f, LLMF_BATCH_POLL, NULL, &job).id, 0);
    assert_int_equal(llmf_start_job(NULL, LLMF_BATCH_POLL, &good, &job).id, 0);
    memset(&one, 0, sizeof one);
    one.op = LLMF_OP_LIST_MODELS + 1;            /* a step is none of the program's */
    one.prompt = "x";
    assert_int_equal(finish(f, llmf_start(f, good.model, &one)), LLMF_ERR_ARGUMENT);
    close_all(f);
}

/* An error of the provider's at each request of each action: it is told with status and words, and nothing is asked again by itself. */
static int refuse_at;

static script_reply refusing(script *x, const llmf_http_request *req, int n) {
    script_reply r = provider(x, req, n);
    if (n != refuse_at) return r;
    r.status = 429;
    r.body = "{\"error\":{\"type\":\"rate_limit_error\",\"message\":\"not so fast\"}}";
    return r;
}

static void provider_says_no(void **state) {
    size_t i;
    int action, n;
    (void)state;
    for (i = 0; i < KIT_COUNT(hosts); i++)
        for (action = LLMF_BATCH_SUBMIT; action <= LLMF_BATCH_CANCEL; action++)
            for (n = 1; n < 5; n++) {
                llmf_factory *f = open_at(&hosts[i]);
                llmf_batch b = batch_at(f);
                llmf_batch_job job = job_at(at);
                int code;
                s.answer = refusing;
                refuse_at = n;
                f->desc.retry.max_retries = 3;
                code = finish(f, llmf_start_job(f, action, &b, &job));
                assert_int_equal(code, s.asked >= n ? LLMF_ERR_RATE_LIMIT : LLMF_OK);
                if (code) assert_true(s.asked == n && last.error.http_status == 429 && kit_is(last.error.message, "not so fast") && kit_has(text, "not so fast"));
                close_all(f);
            }
}

/* ---- at every moment ---- */

/* Stopped at each step of the clock, by llmf_cancel, by llmf_free, by closing the factory; and freed inside of the hook. */
static void stopped_everywhere(void **state) {
    size_t i;
    int action, step, way;
    (void)state;
    for (i = 0; i < KIT_COUNT(hosts); i++)
        for (action = LLMF_BATCH_SUBMIT; action <= LLMF_BATCH_CANCEL; action++)
            for (way = 0; way < 4; way++)
                for (step = 0; step < 12; step++) {
                    llmf_factory *f = open_at(&hosts[i]);
                    llmf_batch b = batch_at(f);
                    llmf_batch_job job = job_at(at);
                    llmf_call c = llmf_start_job(f, action, &b, &job);
                    llmf_event ev;
                    int k;
                    if (way == 3) w.free_it = c;
                    for (k = 0; k < step; k++) script_step(&s, f);
                    if (way == 0) llmf_cancel(f, c);
                    if (way == 0 && llmf_next(f, c, &ev)) assert_true(ev.type == LLMF_EVENT_DONE || ev.response->error.code == LLMF_ERR_CANCELLED);
                    if (way == 2) {
                        llmf_close(f);
                        assert_int_equal(s.under_way, 0);
                        kit_drop(&s.w.log);
                        continue;
                    }
                    llmf_free(f, c);
                    llmf_poll(f, 0);
                    assert_int_equal(w.wrong, 0);
                    close_all(f);
                }
}

/* No memory at each allocation, once and from then on. */
static void no_memory(void **state) {
    int action, on, ended = 0;
    uint64_t nth;
    size_t i;
    (void)state;
    for (i = 0; i < KIT_COUNT(hosts); i++)
        for (action = LLMF_BATCH_SUBMIT; action <= LLMF_BATCH_CANCEL; action++)
            for (on = 0; on < 2; on++)
                for (nth = 1; nth < 400; nth++) {
                    llmf_factory *f = open_at(&hosts[i]);
                    llmf_batch b = batch_at(f);
                    llmf_batch_job job = job_at(at);
                    llmf_memory_info before, after;
                    llmf_call c;
                    b.count = 4;
                    llmf_memory(f, &before);
                    llmf_fail_memory(f, nth, on);
                    c = llmf_start_job(f, action, &b, &job);
                    if (c.id) {
                        int code = finish(f, c);
                        if (code != LLMF_OK && code != LLMF_ERR_MEMORY) fail_msg("%s, action %d, allocation %u: %d %s", at->model, action, (unsigned)nth, code, text);
                        if (code == LLMF_OK && action == LLMF_BATCH_COLLECT) assert_int_equal(w.told, 4);
                    }
                    llmf_fail_memory(f, 0, false);
                    llmf_memory(f, &after);
                    assert_int_equal(w.wrong, 0);
                    ended++;
                    close_all(f);
                    if (after.requests - before.requests < nth) break;
                }
    printf("%d places without memory\n", ended);
    assert_true(ended > 400);
}

static void no_room(void **state) {
    llmf_factory *f;
    llmf_batch b;
    llmf_batch_job job;
    llmf_request r;
    llmf_call others[8];
    int i;
    (void)state;
    for (i = 0; i < 3; i++) { /* room for the batch; for a step; for one result */
        int k, open = 7 - i;
        f = open_at(&hosts[0]);
        b = batch_at(f);
        job = job_at(at);
        memset(&r, 0, sizeof r);
        r.prompt = "x";
        for (k = 0; k < open; k++) others[k] = llmf_start(f, b.model, &r);
        assert_int_equal(finish(f, llmf_start_job(f, LLMF_BATCH_COLLECT, &b, &job)), i < 2 ? LLMF_ERR_LIMIT : LLMF_OK);
        if (i < 2) assert_true(kit_has(text, "max_calls"));
        for (k = 0; k < open; k++) llmf_free(f, others[k]);
        close_all(f);
    }
}

/* Filters look at what is submitted, and at what is collected. */
static int hide(void *user, llmf_filter_writer *w_, const llmf_request *req) {
    (void)user;
    if (req->messages[0].content[0] == '3') return LLMF_FILTER_STOP;
    return llmf_filter_message(w_, 0, 0, kit_str("hidden")) ? LLMF_FILTER_PASS : LLMF_FILTER_STOP;
}

static int judge(void *user, llmf_filter_writer *w_, const llmf_event *ev) {
    (void)user;
    if (kit_is(ev->text, "2")) return LLMF_FILTER_STOP;
    return llmf_filter_write(w_, kit_str("<")) && llmf_filter_write(w_, ev->text) ? LLMF_FILTER_PASS : LLMF_FILTER_STOP;
}

static void filtered(void **state) {
    size_t i;
    (void)state;
    for (i = 0; i < KIT_COUNT(hosts); i++) {
        static llmf_filter filter;
        llmf_batch_job job;
        llmf_batch b;
        llmf_factory *f;
        filter.before = hide;
        filter.whole = judge;
        the_filter = &filter;
        f = open_at(&hosts[i]);
        the_filter = NULL;
        b = batch_at(f);
        memset(&job, 0, sizeof job);
        ends(f, LLMF_BATCH_SUBMIT, &b, &job, LLMF_OK);
        assert_true(kit_has(submitted.ptr, "\"hidden\"") && !kit_has(submitted.ptr, "\"0\"}]"));
        assert_int_equal(w.told, 1);
        assert_int_equal(w.codes[3], LLMF_ERR_CONTENT_FILTER);
        memset(&w, 0, sizeof w);
        job = job_at(at);
        ends(f, LLMF_BATCH_COLLECT, &b, &job, LLMF_OK);
        assert_int_equal(w.told, 4);
        assert_string_equal(w.texts[0], "<0");
        assert_int_equal(w.codes[2], LLMF_ERR_CONTENT_FILTER);
        assert_string_equal(w.texts[3], "<3");
        close_all(f);
    }
}

/* A key that its broker gives later: each step has it. */
static int late_asked;

static int late(void *user, llmf_secret_query *q) {
    (void)user;
    if (++late_asked < 3) return -1;
    memcpy(q->out, "k2", 2);
    return 2;
}

static void key_that_comes_later(void **state) {
    llmf_factory *f;
    llmf_batch b;
    llmf_batch_job job;
    (void)state;
    late_asked = 0;
    with_secret = late;
    f = open_at(&hosts[0]);
    with_secret = NULL;
    b = batch_at(f);
    memset(&job, 0, sizeof job);
    ends(f, LLMF_BATCH_SUBMIT, &b, &job, LLMF_OK);
    assert_string_equal(job.id, "batch_1");
    assert_int_equal(late_asked, 3);
    llmf_close(f);
    kit_drop(&s.w.log);
}

/* A slice of time: submitting many does not take one llmf_poll. */
static void sliced(void **state) {
    llmf_factory *f = open_at(&hosts[3]);
    llmf_batch b = batch_at(f);
    llmf_batch_job job;
    int polls = 0;
    llmf_call c;
    (void)state;
    memset(&job, 0, sizeof job);
    f->desc.slice_us = 1;
    s.w.step = 2000;
    c = llmf_start_job(f, LLMF_BATCH_SUBMIT, &b, &job);
    while (w.asked < 5 && polls < 100) {
        llmf_poll(f, 0);
        polls++;
    }
    assert_true(polls >= 2 && polls < 100);
    s.w.step = 0;
    assert_int_equal(finish(f, c), LLMF_OK);
    assert_string_equal(job.id, "msgbatch_1");
    close_all(f);
}

/* A request without end: the pieces that hold it fill up, and it goes out whole. */
static void large(void **state) {
    static char big[100000];
    static llmf_request requests[3];
    llmf_factory *f = open_at(&hosts[3]);
    llmf_batch b = batch_at(f);
    llmf_batch_job job;
    size_t i;
    (void)state;
    memset(&job, 0, sizeof job);
    memset(big, 'x', sizeof big - 1);
    for (i = 0; i < 3; i++) requests[i].prompt = big;
    b.request = NULL;
    b.requests = requests;
    b.count = 3;
    ends(f, LLMF_BATCH_SUBMIT, &b, &job, LLMF_OK);
    assert_true(submitted.len > 4000); /* as much of it as the script keeps */
    close_all(f);
}

/* ---- recorded ---- */

static llmf_response recorded_last;

static int recorded(const char *file, const char *model, const char *id, int action, llmf_batch_job *job) {
    static char body[65536];
    llmf_str whole = corpus_read(corpus_path(file)), response = {0}, value = {0};
    llmf_recording recording;
    llmf_desc d;
    llmf_batch b;
    llmf_factory *f;
    llmf_error err;
    llmf_call c;
    int code;
    if (!whole.ptr) return -1;
    assert_true(llmf_json_get(whole, "response", &response) && llmf_json_get(response, "body_text", &value));
    memset(&recording, 0, sizeof recording);
    recording.body.len = llmf_json_string(value, body, sizeof body);
    recording.body.ptr = body;
    recording.chunk = 7;
    free((char *)(uintptr_t)whole.ptr);
    memset(&d, 0, sizeof d);
    d.no_env = true;
    d.transport = "replay";
    f = llmf_open(&d, &err);
    if (!f) fail_msg("%s", err.text);
    llmf_replay(f, &recording);
    memset(&b, 0, sizeof b);
    memset(&w, 0, sizeof w);
    b.model = llmf_get(f, model, &err);
    b.result = take;
    memset(job, 0, sizeof *job);
    snprintf(job->id, sizeof job->id, "%s", id);
    c = llmf_start_job(f, action, &b, job);
    code = llmf_wait(f, c);
    llmf_status(f, c, NULL);
    recorded_last = llmfi_call_of(f, c)->response;
    llmf_close(f);
    return code;
}

static void recordings(void **state) {
    llmf_batch_job job;
    int code = recorded("traffic/mistral/batches.unary.200.st-answers-staged-chats-and-appends-the-answers-to-their-conversations.aba6e7996c.json", "mistral:mistral-small-latest",
                        "ca1cd668-91bd-4abb-accb-3541709c0db1", LLMF_BATCH_COLLECT, &job);
    (void)state;
    if (code < 0) skip();
    assert_int_equal(code, LLMF_OK);
    assert_int_equal(job.state, LLMF_JOB_DONE);
    assert_int_equal(w.told, 2);
    assert_string_equal(w.texts[0], "4");
    assert_string_equal(w.texts[1], "Jupiter");
    assert_int_equal(recorded_last.usage.input, 54);
    code = recorded("traffic/gemini/batches.unary.200.sh-answers-staged-chats-and-appends-the-answers-to-their-conversations.53f2821175.json", "gemini:gemini-2.5-flash",
                    "batches/31u18uq6dr4ods3957z38i1mbfa581k01xcq", LLMF_BATCH_COLLECT, &job);
    assert_int_equal(code, LLMF_OK);
    assert_int_equal(job.state, LLMF_JOB_DONE);
    assert_int_equal(job.total, 2);
    assert_int_equal(w.told, 2); /* though they stand there twice */
    assert_string_equal(w.texts[0], "4");
    assert_string_equal(w.texts[1], "Jupiter");
    code = recorded("traffic/openai/batches.unary.200.cassettes-batches-list.6a5abf7ceb.json", "openai:gpt-4o-mini", "batch_1", LLMF_BATCH_POLL, &job);
    assert_int_equal(code, LLMF_OK);
    assert_string_equal(job.id, "batch_1");
    assert_int_equal(job.state, LLMF_JOB_WAITS);
    code = recorded("traffic/anthropic/message_batches.unary.200.aiku-4-5-reloads-a-batch-by-id-and-collects-messages-without-the-chats.b59935388b.json", "anthropic:claude-haiku-4-5",
                    "msgbatch_1", LLMF_BATCH_POLL, &job);
    assert_int_equal(code, LLMF_OK);
    assert_int_equal(job.state, LLMF_JOB_RUNS);
    assert_int_equal(job.total, 1);
    assert_string_equal(job.id, "msgbatch_1");
}

/* ---- over the wire: submitted, looked at until it is done, collected; in pieces of a byte, over both transports; cancelled ---- */

static server the_server;
static const char *const served[] = {"openai:gpt-4o-mini", "openai_responses:gpt-5-mini", "mistral:mistral-small-latest", "anthropic:claude-haiku-4-5", "gemini:gemini-2.5-flash", "groq:llama-3.3-70b-versatile"};
static char said[8][700];

static int keep(void *user, const llmf_batch_item *item) {
    const llmf_response *r = item->response;
    (void)user;
    w.told++;
    if (item->index >= 8 || w.done[item->index]++) w.wrong++;
    else snprintf(said[item->index], sizeof said[0], "%d %s", r->error.code, r->error.code ? r->error.text : r->text.ptr);
    return LLMF_CONTINUE;
}

static llmf_factory *over(const char *model, const char *transport, const char *order, llmf_batch *b) {
    char base[160];
    llmf_desc d;
    llmf_error err;
    llmf_factory *f;
    memset(&d, 0, sizeof d);
    memset(b, 0, sizeof *b);
    memset(&w, 0, sizeof w);
    memset(said, 0, sizeof said);
    snprintf(base, sizeof base, "%s%s%s", the_server.base, order, kit_has(model, "gemini") ? "/v1beta" : "/v1");
    d.no_env = true;
    d.api_key = "loopback-key";
    d.base_url = base;
    d.transport = transport;
    f = llmf_open(&d, &err);
    if (!f) fail_msg("%s", err.text);
    b->model = llmf_get(f, model, &err);
    if (!b->model.id) fail_msg("%s", err.text);
    b->result = keep;
    return f;
}

static int act(llmf_factory *f, int action, const llmf_batch *b, llmf_batch_job *job) {
    llmf_call c = llmf_start_job(f, action, b, job);
    llmf_event ev;
    assert_true(c.id != 0);
    llmf_wait(f, c);
    assert_true(llmf_next(f, c, &ev));
    last = *ev.response;
    snprintf(text, sizeof text, "%s", ev.response->error.text);
    llmf_free(f, c);
    return last.error.code;
}

static llmf_request *asked_of_server(void) {
    static llmf_request r[5];
    memset(r, 0, sizeof r);
    r[0].prompt = "echo: The ferry leaves at nine.";
    r[1].prompt = "[[status:400]] hello";
    r[2].prompt = "echo: Three \"quoted\" words\nand a line: \xc3\xa9\xf0\x9f\x98\x80";
    r[3].prompt = "[[status:429]] hello";
    r[4].prompt = "Last";
    r[4].system = "You are terse.";
    return r;
}

static void over_the_wire(void **state) {
    static const char *const ways[][2] = {{"socket", ""}, {"curl", ""}, {"socket", "/x-chunk-1"}, {"curl", "/x-close"}};
    size_t i, k;
    (void)state;
    if (!the_server.pid) skip();
    for (i = 0; i < KIT_COUNT(served); i++)
        for (k = 0; k < KIT_COUNT(ways); k++) {
            llmf_batch b;
            llmf_batch_job job;
            llmf_factory *f = over(served[i], ways[k][0], ways[k][1], &b);
            int looks = 0, code;
            memset(&job, 0, sizeof job);
            b.requests = asked_of_server();
            b.count = 5;
            code = act(f, LLMF_BATCH_SUBMIT, &b, &job);
            if (code) fail_msg("%s: %d %s", served[i], code, text);
            assert_int_equal(job.state, kit_has(served[i], "anthropic") ? LLMF_JOB_RUNS : LLMF_JOB_WAITS);
            while (job.state < LLMF_JOB_DONE && looks++ < 5) assert_int_equal(act(f, LLMF_BATCH_POLL, &b, &job), LLMF_OK);
            assert_int_equal(looks, 3);
            assert_int_equal(job.state, LLMF_JOB_DONE);
            assert_int_equal(job.total, 5);
            assert_int_equal(job.done, 3);
            assert_int_equal(job.failed, 2);
            llmf_close(f);
            f = over(served[i], ways[k][0], ways[k][1], &b); /* another process, with the id alone */
            b.count = 5;
            code = act(f, LLMF_BATCH_COLLECT, &b, &job);
            if (code) fail_msg("%s: %d %s", served[i], code, text);
            assert_int_equal(w.told, 5);
            assert_int_equal(w.wrong, 0);
            if (strcmp(said[0], "0 echo: The ferry leaves at nine.") != 0) fail_msg("%s: %s", served[i], said[0]);
            assert_string_equal(said[2], "0 echo: Three \"quoted\" words\nand a line: \xc3\xa9\xf0\x9f\x98\x80");
            if (said[1][0] != '1' || said[1][1] != '4') fail_msg("%s: %s", served[i], said[1]); /* BAD_REQUEST */
            if (strncmp(said[3], "10 ", 3) != 0) fail_msg("%s: %s", served[i], said[3]);      /* RATE_LIMIT */
            assert_true(last.usage.input > 0 && last.usage.output > 0);
            llmf_close(f);
        }
}

static void ends_otherwise(void **state) {
    static const char *const orders[] = {"", "/x-job-expired", "/x-job-failed"};
    size_t i, k;
    (void)state;
    if (!the_server.pid) skip();
    for (i = 0; i < KIT_COUNT(served); i++)
        for (k = 0; k < KIT_COUNT(orders); k++) {
            bool anthropic = kit_has(served[i], "anthropic"), gemini = kit_has(served[i], "gemini");
            int state_of[] = {LLMF_JOB_CANCELLED, LLMF_JOB_EXPIRED, LLMF_JOB_FAILED}, want = anthropic ? (int)LLMF_JOB_DONE : state_of[k], looks = 0, code;
            llmf_batch b;
            llmf_batch_job job;
            llmf_factory *f = over(served[i], "socket", orders[k], &b);
            if (anthropic && k == 2) {
                llmf_close(f);
                continue;
            }
            memset(&job, 0, sizeof job);
            b.requests = asked_of_server();
            b.count = 5;
            assert_int_equal(act(f, LLMF_BATCH_SUBMIT, &b, &job), LLMF_OK);
            if (k == 0) assert_int_equal(act(f, LLMF_BATCH_CANCEL, &b, &job), LLMF_OK);
            while (job.state < LLMF_JOB_DONE && looks++ < 5) assert_int_equal(act(f, LLMF_BATCH_POLL, &b, &job), LLMF_OK);
            if (job.state != want) fail_msg("%s%s: %s", served[i], orders[k], job.status);
            code = act(f, LLMF_BATCH_COLLECT, &b, &job);
            assert_int_equal(code, k == 2 ? LLMF_ERR_BAD_REQUEST : LLMF_OK);
            assert_int_equal(w.told, k == 2 || gemini ? 0 : 5);
            assert_int_equal(w.wrong, 0);
            if (w.told) assert_int_equal(atoi(said[4]), k == 0 ? LLMF_ERR_CANCELLED : LLMF_ERR_TIMEOUT);
            llmf_close(f);
        }
}

/* A wrong key, an id of nobody, a connection that breaks, a server that is no provider: each is told. */
static void refused_by_the_server(void **state) {
    static const char *const orders[] = {"/x-cut-40", "/x-rst-40", "/x-not-protocol", "/x-html-502", "/x-bad-json", "/x-empty"};
    size_t i, k;
    (void)state;
    if (!the_server.pid) skip();
    for (i = 0; i < KIT_COUNT(served); i++) {
        llmf_batch b;
        llmf_batch_job job;
        llmf_factory *f = over(served[i], "socket", "", &b);
        memset(&job, 0, sizeof job);
        snprintf(job.id, sizeof job.id, kit_has(served[i], "gemini") ? "batches/nobody" : "nobody");
        assert_int_equal(act(f, LLMF_BATCH_POLL, &b, &job), LLMF_ERR_NOT_FOUND);
        llmf_close(f);
        for (k = 0; k < KIT_COUNT(orders); k++) {
            int code;
            f = over(served[i], "socket", orders[k], &b);
            b.requests = asked_of_server();
            b.count = 5;
            memset(&job, 0, sizeof job);
            code = act(f, LLMF_BATCH_SUBMIT, &b, &job);
            if (!code || !text[0]) fail_msg("%s%s: %d %s", served[i], orders[k], code, text);
            llmf_close(f);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_provider), cmocka_unit_test(cancelled), cmocka_unit_test(failed), cmocka_unit_test(in_part), cmocka_unit_test(odd_results),
        cmocka_unit_test(cut), cmocka_unit_test(wrong), cmocka_unit_test(provider_says_no), cmocka_unit_test(stopped_everywhere), cmocka_unit_test(no_memory),
        cmocka_unit_test(no_room), cmocka_unit_test(filtered), cmocka_unit_test(key_that_comes_later), cmocka_unit_test(sliced), cmocka_unit_test(large), cmocka_unit_test(recordings),
        cmocka_unit_test(over_the_wire), cmocka_unit_test(ends_otherwise), cmocka_unit_test(refused_by_the_server)
    };
    int rc;
    server_start(&the_server);
    rc = cmocka_run_group_tests(tests, NULL, NULL);
    server_stop(&the_server);
    return rc;
}
