/* AWS keys that are asked for: the calls wait, one asking serves them all, and each way out of it (cancelled, freed, closed, too late, refused, no memory)
   leaves nothing behind. The HTTP client is the test's: it answers when, and what, the test says. */
#include "kit.h"
#include "server.h"

#define MODEL "bedrock:amazon.nova-lite-v1:0"
#define ANSWER "{\"output\":{\"message\":{\"role\":\"assistant\",\"content\":[{\"text\":\"Hello\"}]}},\"stopReason\":\"end_turn\",\"usage\":{\"inputTokens\":3,\"outputTokens\":1,\"totalTokens\":4}}"
#define ENDS(when) "{\"Code\":\"Success\",\"AccessKeyId\":\"ASIAKEYS\",\"SecretAccessKey\":\"canary-6f1d\",\"Token\":\"session\",\"Expiration\":\"" when "\"}"
#define KEYS ENDS("2033-05-18T06:33:20Z")  /* three hours after NOW */
#define NOW INT64_C(2000000000000)
#define ROLES "/latest/meta-data/iam/security-credentials/"

/* ---- an HTTP client that keeps what was sent until it is answered ---- */

enum { MOST = 8 };
typedef struct letter {
    llmf_exchange *x;              /* NULL: answered, or nothing */
    kit_text head;
} letter;

typedef struct post {
    letter letters[MOST];
    int starts, cancels, refuse;
} post;

static kit_world world;
static post the_post;
static int64_t wall;
static server the_server;

static int64_t wall_ms(void *user) {
    (void)user;
    return wall;
}

static int post_start(void *user, llmf_exchange *x, const llmf_http_request *req) {
    post *p = (post *)user;
    size_t i, at = 0;
    p->starts++;
    if (p->refuse) return p->refuse;
    while (at < MOST && p->letters[at].x) at++;
    assert_true(at < MOST);
    p->letters[at].x = x;
    kit_drop(&p->letters[at].head);
    kit_add(&p->letters[at].head, req->method.ptr, req->method.len);
    kit_adds(&p->letters[at].head, " ");
    kit_add(&p->letters[at].head, req->url.ptr, req->url.len);
    for (i = 0; i < req->header_count; i++) {
        kit_adds(&p->letters[at].head, "\n");
        kit_add(&p->letters[at].head, req->headers[i].name.ptr, req->headers[i].name.len);
        kit_adds(&p->letters[at].head, ": ");
        kit_add(&p->letters[at].head, req->headers[i].value.ptr, req->headers[i].value.len);
    }
    return LLMF_OK;
}

static void post_cancel(void *user, llmf_exchange *x) {
    post *p = (post *)user;
    size_t i = 0;
    while (i < MOST && p->letters[i].x != x) i++;
    assert_true(i < MOST);
    p->letters[i].x = NULL;
    p->cancels++;
}

static void post_poll(void *user, int timeout_ms) {
    (void)user, (void)timeout_ms;
}

/* How many are unanswered. */
static int open_letters(void) {
    int i, n = 0;
    for (i = 0; i < MOST; i++) n += the_post.letters[i].x != NULL;
    return n;
}

/* Answers the one unanswered letter whose head has `part` in it, `piece` bytes at a time. */
static void answer_in(const char *part, int status, const char *body, size_t piece) {
    size_t i = 0, at, n, len = strlen(body);
    llmf_exchange *x;
    while (i < MOST && !(the_post.letters[i].x && kit_has(kit_cstr(&the_post.letters[i].head), part))) i++;
    if (i == MOST) fail_msg("nobody asks for %s", part);
    x = the_post.letters[i].x;
    the_post.letters[i].x = NULL;
    llmf_exchange_status(x, status);
    for (at = 0; at < len; at += n) {
        n = len - at < piece ? len - at : piece;
        llmf_exchange_data(x, body + at, n);
    }
    llmf_exchange_end(x, LLMF_OK, NULL);
}

static void answer(llmf_factory *f, const char *part, int status, const char *body) {
    answer_in(part, status, body, 1000);
    llmf_poll(f, 0);
}

static void answer_keys(llmf_factory *f, const char *keys) {
    answer(f, "PUT http://169.254.169.254/latest/api/token", 200, "a-token");
    answer(f, ROLES, 200, "role");
    answer(f, ROLES "role", 200, keys);
}

/* ---- a factory on an instance ---- */

static const char *const instance[] = {"AWS_REGION", "us-east-1", NULL};
static const char *const container[] = {"AWS_REGION", "us-east-1", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/keys?id=1", "AWS_CONTAINER_AUTHORIZATION_TOKEN", "mine", NULL};

static llmf_desc desc_of(llmf_transport *t, const char *const *env) {
    llmf_desc d = kit_desc(&world);
    memset(&the_post, 0, sizeof the_post), memset(t, 0, sizeof *t);
    world.env = env;
    wall = NOW;
    t->user = &the_post;
    t->start = post_start;
    t->cancel = post_cancel;
    t->poll = post_poll;
    d.custom_transport = t;
    d.wall_ms = wall_ms;
    return d;
}

static llmf_factory *open_at(llmf_transport *t, const char *const *env) {
    llmf_desc d = desc_of(t, env);
    llmf_error err;
    llmf_factory *f = llmf_open(&d, &err);
    if (!f) fail_msg("%s", err.text);
    return f;
}

/* A key must never be told. */
static void close_all(llmf_factory *f) {
    int i;
    llmf_close(f);
    assert_int_equal(open_letters(), 0);
    assert_false(kit_has(kit_cstr(&world.log), "canary-6f1d"));
    kit_drop(&world.log);
    for (i = 0; i < MOST; i++) kit_drop(&the_post.letters[i].head);
}

static llmf_call start_with(llmf_factory *f, const llmf_request *req) {
    llmf_error err;
    llmf_call c = llmf_start(f, llmf_get(f, MODEL, &err), req);
    if (!c.id) {
        llmf_last_error(f, &err);
        fail_msg("%s", err.text);
    }
    llmf_poll(f, 0); /* which hands to the client what is to be sent */
    return c;
}

static llmf_call start(llmf_factory *f) {
    llmf_request req = kit_request(false);
    return start_with(f, &req);
}

/* The code that the call ended with: LLMF_OK and nothing else with the answer's text. -1: it has not ended. */
static int ended(llmf_factory *f, llmf_call c, char *error, size_t cap) {
    kit_seen s;
    int code;
    memset(&s, 0, sizeof s);
    kit_take(f, c, &s);
    code = s.finals ? s.code : -1;
    assert_true(s.finals <= 1);
    if (code == LLMF_OK) assert_true(kit_is(s.response.text, "Hello"));
    if (error) snprintf(error, cap, "%s", s.error);
    assert_false(kit_has(s.error, "canary-6f1d"));
    kit_forget(&s);
    return code;
}

static void ends_with(llmf_factory *f, llmf_call c, int code, const char *says) {
    char error[512];
    int got = ended(f, c, error, sizeof error);
    if (got != code || (says && !kit_has(error, says))) fail_msg("%s: %s instead of %s: %s", got < 0 ? "not ended" : llmf_result_name(got), error, llmf_result_name(code), says ? says : "");
    llmf_free(f, c);
}

/* ---- tests ---- */

static void one_asking_serves_all_calls(void **state) {
    llmf_transport t;
    llmf_factory *f = open_at(&t, instance);
    llmf_call c[4];
    int i;
    (void)state;
    for (i = 0; i < 3; i++) c[i] = start(f);
    assert_int_equal(the_post.starts, 1);
    assert_true(kit_has(kit_cstr(&the_post.letters[0].head), "x-aws-ec2-metadata-token-ttl-seconds: 21600"));
    answer(f, "PUT ", 200, "a-token");
    assert_true(kit_has(kit_cstr(&the_post.letters[0].head), "x-aws-ec2-metadata-token: a-token"));
    answer(f, ROLES, 200, "role\n");
    assert_int_equal(the_post.starts, 3);
    for (i = 0; i < 3; i++) assert_int_equal(ended(f, c[i], NULL, 0), -1);
    answer_in(ROLES "role", 200, KEYS, 1);
    llmf_poll(f, 0);
    assert_int_equal(open_letters(), 3);
    c[3] = start(f); /* asks nobody */
    assert_int_equal(the_post.starts, 7);
    for (i = 0; i < 4; i++) {
        assert_true(kit_has(kit_cstr(&the_post.letters[i].head), "POST https://bedrock-runtime.us-east-1.amazonaws.com/model/amazon.nova-lite-v1%3A0/converse"));
        assert_true(kit_has(kit_cstr(&the_post.letters[i].head), "Authorization: AWS4-HMAC-SHA256 Credential=ASIAKEYS/20330518/us-east-1/bedrock/aws4_request, "));
        assert_true(kit_has(kit_cstr(&the_post.letters[i].head), "X-Amz-Security-Token: session"));
    }
    for (i = 0; i < 4; i++) answer(f, "/converse", 200, ANSWER);
    for (i = 0; i < 4; i++) ends_with(f, c[i], LLMF_OK, NULL);
    close_all(f);
}

static void a_container(void **state) {
    llmf_transport t;
    llmf_factory *f = open_at(&t, container);
    llmf_call c = start(f);
    (void)state;
    assert_string_equal(kit_cstr(&the_post.letters[0].head), "GET http://169.254.170.2/v2/keys?id=1\nAccept: application/json\nAuthorization: mine");
    answer(f, "GET ", 200, KEYS);
    answer(f, "/converse", 200, ANSWER);
    ends_with(f, c, LLMF_OK, NULL);
    close_all(f);
}

/* Five minutes before their end the keys are asked for anew; those that are there serve until then. */
static void keys_are_renewed(void **state) {
    llmf_transport t;
    llmf_factory *f = open_at(&t, container);
    llmf_call c = start(f);
    (void)state;
    answer(f, "GET ", 200, KEYS);
    answer(f, "/converse", 200, ANSWER);
    ends_with(f, c, LLMF_OK, NULL);
    wall = NOW + 10800000 - 301000;
    c = start(f);
    answer(f, "/converse", 200, ANSWER);
    ends_with(f, c, LLMF_OK, NULL);
    wall = NOW + 10800000 - 299000;
    c = start(f);
    answer(f, "GET ", 200, ENDS("2034-01-01T00:00:00Z"));
    answer(f, "/converse", 200, ANSWER);
    ends_with(f, c, LLMF_OK, NULL);
    close_all(f);
}

static void waiting_calls_are_cancelled_and_freed(void **state) {
    llmf_transport t;
    llmf_factory *f = open_at(&t, instance);
    llmf_call c[3];
    int i;
    (void)state;
    for (i = 0; i < 3; i++) c[i] = start(f);
    llmf_cancel(f, c[0]);
    llmf_poll(f, 0);
    ends_with(f, c[0], LLMF_ERR_CANCELLED, NULL);
    llmf_free(f, c[1]);
    llmf_poll(f, 0);
    assert_int_equal(open_letters(), 1); /* the asking goes on for whoever is left */
    answer_keys(f, KEYS);
    assert_int_equal(open_letters(), 1);
    answer(f, "/converse", 200, ANSWER);
    ends_with(f, c[2], LLMF_OK, NULL);
    assert_int_equal(the_post.cancels, 0);
    close_all(f);
}

/* All are gone before the keys come: they are kept for the next. */
static void nobody_waits_any_more(void **state) {
    llmf_transport t;
    llmf_factory *f = open_at(&t, instance);
    llmf_call c = start(f);
    (void)state;
    llmf_free(f, c);
    answer_keys(f, KEYS);
    assert_int_equal(open_letters(), 0);
    c = start(f);
    answer(f, "/converse", 200, ANSWER);
    ends_with(f, c, LLMF_OK, NULL);
    close_all(f);
}

static void closed_while_asking(void **state) {
    int step;
    (void)state;
    for (step = 0; step < 3; step++) {
        llmf_transport t;
        llmf_factory *f = open_at(&t, instance);
        start(f);
        if (step > 0) answer(f, "PUT ", 200, "a-token");
        if (step > 1) answer(f, ROLES, 200, "role");
        close_all(f);
        assert_int_equal(the_post.cancels, 1);
    }
}

static void nobody_answers(void **state) {
    llmf_transport t;
    llmf_factory *f = open_at(&t, instance);
    llmf_call c = start(f), other;
    (void)state;
    world.now += UINT64_C(4900000000);
    llmf_poll(f, 0);
    assert_int_equal(ended(f, c, NULL, 0), -1);
    world.now += UINT64_C(200000000);
    llmf_poll(f, 0);
    llmf_poll(f, 0);
    ends_with(f, c, LLMF_ERR_AUTH, "no metadata service");
    assert_int_equal(the_post.cancels, 1);
    c = start(f); /* the failure is remembered */
    llmf_poll(f, 0);
    ends_with(f, c, LLMF_ERR_AUTH, "no metadata service");
    assert_int_equal(the_post.starts, 1);
    wall += 10001; /* for ten seconds */
    c = start(f);
    other = start(f);
    assert_int_equal(the_post.starts, 2);
    answer_keys(f, KEYS);
    answer(f, "/converse", 200, ANSWER);
    answer(f, "/converse", 200, ANSWER);
    ends_with(f, c, LLMF_OK, NULL);
    ends_with(f, other, LLMF_OK, NULL);
    close_all(f);
}

/* A call's own time runs while it waits. */
static void a_waiting_call_has_its_own_time(void **state) {
    llmf_transport t;
    llmf_factory *f = open_at(&t, instance);
    llmf_request req = kit_request(false);
    llmf_call c, other;
    (void)state;
    req.timeouts.total_ms = 1000;
    c = start_with(f, &req);
    other = start(f);
    world.now += UINT64_C(1100000000);
    llmf_poll(f, 0);
    ends_with(f, c, LLMF_ERR_TIMEOUT, NULL);
    answer_keys(f, KEYS);
    answer(f, "/converse", 200, ANSWER);
    ends_with(f, other, LLMF_OK, NULL);
    close_all(f);
}

static void answers_that_give_no_keys(void **state) {
    static char much[70000];
    static const struct {
        int status;
        const char *body, *says;
    } cases[] = {{404, "no", "container"}, {403, KEYS, "container"}, {200, "", "holds no keys"}, {200, "{", "holds no keys"}, {200, "[]", "holds no keys"},
                 {200, "{\"Code\":\"Failed\",\"Message\":\"none\"}", "holds no keys"}, {200, "{\"AccessKeyId\":\"A\"}", "holds no keys"}, {200, much, "container"}};
    size_t i;
    (void)state;
    memset(much, ' ', sizeof much - 1);
    for (i = 0; i < KIT_COUNT(cases); i++) {
        llmf_transport t;
        llmf_factory *f = open_at(&t, container);
        llmf_call c = start(f);
        answer(f, "GET ", cases[i].status, cases[i].body);
        assert_int_equal(open_letters(), 0);
        ends_with(f, c, LLMF_ERR_AUTH, cases[i].says);
        close_all(f);
    }
}

static void a_transport_that_refuses(void **state) {
    llmf_transport t;
    llmf_factory *f = open_at(&t, instance);
    llmf_call c;
    (void)state;
    the_post.refuse = LLMF_ERR_NETWORK;
    c = start(f);
    llmf_poll(f, 0);
    ends_with(f, c, LLMF_ERR_AUTH, "no metadata service");
    close_all(f);
}

typedef struct follower {          /* a call that is started as another ends */
    llmf_factory *f;
    llmf_call next;
    int code, starts;
} follower;

static int follow(void *user, const llmf_event *ev) {
    follower *w = (follower *)user;
    if (ev->type != LLMF_EVENT_DONE && ev->type != LLMF_EVENT_ERROR) return LLMF_CONTINUE;
    w->code = ev->response->error.code;
    wall += 10001;
    w->next = start(w->f);
    return LLMF_CONTINUE;
}

static void asked_for_inside_a_callback(void **state) {
    llmf_transport t;
    llmf_factory *f = open_at(&t, instance);
    llmf_request req = kit_request(false);
    follower w;
    llmf_call c;
    (void)state;
    memset(&w, 0, sizeof w);
    w.f = f;
    req.on_event = follow;
    req.on_event_user = &w;
    c = start_with(f, &req);
    answer(f, "PUT ", 403, "no");
    llmf_poll(f, 0);
    assert_int_equal(w.code, LLMF_ERR_AUTH);
    assert_true(w.next.id != 0);
    answer_keys(f, KEYS);
    answer(f, "/converse", 200, ANSWER);
    ends_with(f, w.next, LLMF_OK, NULL);
    llmf_free(f, c);
    close_all(f);
}

/* What the one that asks needs next. */
static void answer_next(llmf_factory *f) {
    const char *head = kit_cstr(&the_post.letters[0].head);
    if (kit_has(head, "PUT ")) answer(f, "PUT ", 200, "a-token");
    else if (kit_has(head, ROLES "role")) answer(f, ROLES "role", 200, KEYS);
    else if (kit_has(head, ROLES)) answer(f, ROLES, 200, "role");
    else answer(f, "/converse", 200, ANSWER);
}

/* Request N for memory between a call's start and its end is refused, and all after it: it ends without memory, or without keys, or goes on; the next one works.
   False: fewer were made. */
static bool refuse(uint64_t n, bool on) {
    llmf_transport t;
    llmf_factory *f = open_at(&t, instance);
    llmf_request req = kit_request(false);
    llmf_model m = llmf_get(f, MODEL, NULL);
    uint64_t asked = f->heap.requests;
    llmf_call c;
    int code = LLMF_ERR_MEMORY, i;
    llmf_fail_memory(f, n, on);
    c = llmf_start(f, m, &req);
    llmf_poll(f, 0);
    for (i = 0; i < 4 && open_letters(); i++) answer_next(f);
    if (c.id) code = ended(f, c, NULL, 0);
    asked = f->heap.requests - asked;
    llmf_fail_memory(f, 0, false);
    if (code != LLMF_OK && code != LLMF_ERR_MEMORY && code != LLMF_ERR_AUTH) fail_msg("request %d refused: %s", (int)n, code < 0 ? "not ended" : llmf_result_name(code));
    if (code != LLMF_OK) wall += 10001; /* no keys: which is remembered for ten seconds */
    if (c.id) llmf_free(f, c);
    c = start(f);
    for (i = 0; i < 4 && open_letters(); i++) answer_next(f);
    ends_with(f, c, LLMF_OK, NULL);
    close_all(f);
    return asked >= n;
}

static void each_request_refused(void **state) {
    int on;
    (void)state;
    for (on = 0; on < 2; on++) {
        uint64_t n = 1;
        while (refuse(n, on != 0)) n++;
        printf("%d requests refused%s\n", (int)n - 1, on ? ", and all after each" : "");
        assert_true(n > 10);
    }
}

/* Over real connections, all at once. */
static void over(const char *transport) {
    llmf_desc d = kit_desc(&world);
    llmf_error err;
    llmf_factory *f;
    llmf_call c[5];
    llmf_model m;
    char base[128];
    const char *env[] = {"AWS_REGION", "us-east-1", "AWS_EC2_METADATA_SERVICE_ENDPOINT", NULL, NULL};
    int i;
    if (!the_server.pid) skip();
    snprintf(base, sizeof base, "%s/n5", the_server.base);
    env[3] = the_server.base;
    world.env = env;
    d.clock_ns = NULL;
    d.transport = transport;
    d.base_url = base;
    f = llmf_open(&d, &err);
    if (!f) fail_msg("%s", err.text);
    m = llmf_get(f, MODEL, &err);
    for (i = 0; i < 5; i++) {
        llmf_request req = kit_request(i % 2);
        req.prompt = "echo: over the wire";
        c[i] = llmf_start(f, m, &req);
    }
    for (i = 0; i < 5; i++) {
        kit_seen s;
        memset(&s, 0, sizeof s);
        if (!kit_run(f, c[i], &s, 10) || s.code != LLMF_OK) fail_msg("%s, call %d: %s", transport, i, s.error);
        assert_true(kit_is(s.response.text, "echo: over the wire"));
        llmf_free(f, c[i]);
        kit_forget(&s);
    }
    llmf_close(f);
    kit_drop(&world.log);
}

static void over_sockets(void **state) {
    (void)state;
    over("socket");
}

static void over_curl(void **state) {
    (void)state;
    over("curl");
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_asking_serves_all_calls),
        cmocka_unit_test(a_container),
        cmocka_unit_test(keys_are_renewed),
        cmocka_unit_test(waiting_calls_are_cancelled_and_freed),
        cmocka_unit_test(nobody_waits_any_more),
        cmocka_unit_test(closed_while_asking),
        cmocka_unit_test(nobody_answers),
        cmocka_unit_test(a_waiting_call_has_its_own_time),
        cmocka_unit_test(answers_that_give_no_keys),
        cmocka_unit_test(a_transport_that_refuses),
        cmocka_unit_test(asked_for_inside_a_callback),
        cmocka_unit_test(each_request_refused),
        cmocka_unit_test(over_sockets),
        cmocka_unit_test(over_curl),
    };
    int failed;
    server_start(&the_server);
    failed = cmocka_run_group_tests_name("keys", tests, NULL, NULL);
    server_stop(&the_server);
    return failed;
}
