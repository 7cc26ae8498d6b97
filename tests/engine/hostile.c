/* What a program does in the wrong place, what a transport of its own does wrong, and figures at the end of their range: each was a way to a crash, a hang, a busy
   loop or a key left in memory. */
#define LLMF_MAX_ERROR_BODY 96
#include "kit.h"
#include <errno.h>
#include <limits.h>
#include "../os.h"

#define CANARY "cAnArY-0123456789"

static llmf_factory *opened(llmf_desc *d) {
    llmf_error err;
    llmf_factory *f = llmf_open(d, &err);
    if (!f) print_error("%s\n", err.text);
    assert_non_null(f);
    return f;
}

static llmf_model model(llmf_factory *f, const char *name) {
    llmf_error err;
    llmf_model m = llmf_get(f, name, &err);
    if (!m.id) print_error("%s\n", err.text);
    assert_int_not_equal(m.id, 0);
    return m;
}

static llmf_factory *replaying(kit_world *w, llmf_desc *d, const llmf_recording *r) {
    llmf_factory *f;
    *d = kit_desc(w);
    d->transport = "replay";
    d->api_key = "k";
    d->alloc = kit_alloc;
    f = opened(d);
    assert_int_equal(llmf_replay(f, r), LLMF_OK);
    return f;
}

/* ---- inside a callback ---- */

typedef struct actor {
    llmf_factory *f;
    llmf_model m;
    llmf_request req;
    int depth, deepest, events, finals, starts;
    bool free_it, close_it, inside_start;
} actor;

static int act(void *user, const llmf_event *ev) {
    actor *a = (actor *)user;
    assert_false(a->inside_start);
    if (++a->depth > a->deepest) a->deepest = a->depth;
    a->events++;
    if (ev->response) a->finals++;
    if (a->free_it && a->events == 2) {
        llmf_free(a->f, ev->call);
        assert_int_equal(llmf_status(a->f, ev->call, NULL), LLMF_ERR_STALE);
        assert_int_equal(llmf_cancel(a->f, ev->call), LLMF_ERR_STALE);
    }
    if (a->close_it && a->events == 2) llmf_close(a->f);
    if (ev->response && a->starts) {
        a->starts--;
        a->inside_start = true;
        assert_int_not_equal(llmf_start(a->f, a->m, &a->req).id, 0);
        a->inside_start = false;
    }
    a->depth--;
    return LLMF_CONTINUE;
}

static actor actor_of(llmf_factory *f, llmf_model m) {
    actor a;
    memset(&a, 0, sizeof a);
    a.f = f;
    a.m = m;
    a.req = kit_request(true);
    a.req.on_event = act;
    return a;
}

static void free_inside_generate(void **state) {
    llmf_recording r = kit_recording(200, KIT_STORY);
    kit_world w;
    llmf_desc d;
    llmf_factory *f = replaying(&w, &d, &r);
    actor a = actor_of(f, model(f, "openai:m"));
    llmf_response res;
    size_t used = kit_used(f);
    (void)state;
    a.free_it = true;
    a.req.on_event_user = &a;
    assert_int_equal(llmf_generate(f, a.m, &a.req, &res), LLMF_ERR_STALE);
    assert_int_equal(a.events, 2);
    assert_int_equal(res.call.id, 0);
    assert_int_equal(kit_used(f), used);
    llmf_close(f);
    kit_drop(&w.log);
}

static void close_inside_a_callback(void **state) {
    llmf_recording r = kit_recording(200, KIT_STORY);
    int blocking;
    (void)state;
    for (blocking = 0; blocking < 2; blocking++) {
        kit_world w;
        llmf_desc d;
        llmf_factory *f = replaying(&w, &d, &r);
        actor a = actor_of(f, model(f, "openai:m"));
        llmf_response res;
        int i, active = 1;
        a.close_it = true;
        a.req.on_event_user = &a;
        assert_int_not_equal(llmf_start(f, a.m, &a.req).id, 0); /* another one, which must hear nothing more */
        if (blocking) {
            assert_int_equal(llmf_generate(f, a.m, &a.req, &res), LLMF_ERR_STALE);
        } else {
            for (i = 0; i < 100 && active > 0; i++) active = llmf_poll(f, 0);
            assert_int_equal(active, -LLMF_ERR_STALE);
        }
        assert_int_equal(a.events, 2);
        assert_int_equal(w.released, 1);
        kit_drop(&w.log);
    }
}

/* A call that cannot start (no key) tells so in the next poll: not inside llmf_start, and never one within the other. */
static void a_failed_start_does_not_call_back_at_once(void **state) {
    kit_world w;
    llmf_desc d = kit_desc(&w);
    llmf_factory *f = opened(&d);
    actor a = actor_of(f, model(f, "openai:m"));
    int i;
    (void)state;
    a.starts = 40;
    a.req.on_event_user = &a;
    a.inside_start = true;
    assert_int_not_equal(llmf_start(f, a.m, &a.req).id, 0);
    a.inside_start = false;
    for (i = 0; i < 200; i++) llmf_poll(f, 0);
    assert_int_equal(a.finals, 41);
    assert_int_equal(a.deepest, 1);
    llmf_close(f);
    kit_drop(&w.log);
}

/* ---- waiting ---- */

/* Events that were taken keep no poll from waiting, nor do those of another call keep llmf_generate. */
static void no_busy_loop(void **state) {
    llmf_recording r = kit_recording(200, KIT_STORY);
    llmf_request req = kit_request(true);
    kit_world w;
    llmf_desc d;
    llmf_factory *f;
    llmf_call c;
    llmf_event ev;
    double before;
    int i;
    (void)state;
    r.stall_at = sizeof KIT_CHUNK("{\"role\":\"assistant\",\"content\":\"\"}") + sizeof KIT_CHUNK("{\"content\":\"Once\"}") + 10;
    f = replaying(&w, &d, &r);
    f->desc.clock_ns = NULL;
    c = llmf_start(f, model(f, "openai:m"), &req);
    llmf_poll(f, 0);
    for (i = 0; llmf_next(f, c, &ev); i++) assert_int_equal(ev.type, LLMF_EVENT_TEXT);
    assert_true(i > 0);
    assert_int_not_equal(llmf_deadline_ms(f), 0);
    before = kit_seconds();
    assert_int_equal(llmf_poll(f, 60), 1);
    assert_true(kit_seconds() - before > 0.05);
    llmf_free(f, c);
    llmf_close(f);
    kit_drop(&w.log);
}

static uint64_t counting_clock(void *user) {
    ((kit_world *)user)->readings++;
    return (uint64_t)(kit_seconds() * 1e9);
}

static void no_busy_loop_in_generate(void **state) {
    llmf_recording r = kit_recording(200, KIT_STORY);
    llmf_request req = kit_request(true);
    kit_world w;
    llmf_desc d;
    llmf_factory *f;
    llmf_response res;
    llmf_call c;
    (void)state;
    r.stall_at = 500;
    f = replaying(&w, &d, &r);
    f->desc.clock_ns = counting_clock;
    c = llmf_start(f, model(f, "openai:m"), &req); /* has events that nobody takes */
    llmf_poll(f, 0);
    assert_int_equal(llmf_deadline_ms(f), 0);
    req.timeouts.total_ms = 100;
    w.readings = 0;
    assert_int_equal(llmf_generate(f, model(f, "openai:m"), &req, &res), LLMF_ERR_TIMEOUT);
    assert_true(w.readings < 300);
    llmf_release(f, &res);
    llmf_free(f, c);
    llmf_close(f);
    kit_drop(&w.log);
}

/* However short the slice, each poll gets something done, for each call. */
static void a_slice_of_nothing(void **state) {
    llmf_recording r = kit_recording(200, KIT_STORY);
    kit_world w;
    llmf_desc d;
    llmf_factory *f = replaying(&w, &d, &r);
    llmf_request req = kit_request(true);
    kit_seen seen[3];
    llmf_call c[3];
    int i, polls;
    (void)state;
    w.step = 5000;
    f->desc.slice_us = 1;
    memset(seen, 0, sizeof seen);
    for (i = 0; i < 3; i++) {
        req.on_event = i == 1 ? NULL : kit_on_event;
        req.on_event_user = &seen[i];
        c[i] = llmf_start(f, model(f, "openai:m"), &req);
    }
    for (polls = 0; polls < 400; polls++) {
        llmf_poll(f, 0);
        kit_take(f, c[1], &seen[1]);
    }
    for (i = 0; i < 3; i++) {
        if (!seen[i].finals) print_error("call %d: %d events, held %d\n", i, seen[i].events, f->held);
        assert_int_equal(seen[i].finals, 1);
        assert_int_equal(seen[i].code, LLMF_OK);
        llmf_free(f, c[i]);
        kit_forget(&seen[i]);
    }
    llmf_close(f);
    kit_drop(&w.log);
}

/* ---- a transport of the program's own ---- */

typedef struct own {
    llmf_exchange *x;
    const char *late;                        /* body, given at the poll in which `give` is set */
    bool give, twice;
    int cancels;
} own;

static int own_start(void *user, llmf_exchange *x, const llmf_http_request *req) {
    own *o = (own *)user;
    (void)req;
    o->x = x;
    return LLMF_OK;
}

static void own_cancel(void *user, llmf_exchange *x) {
    own *o = (own *)user;
    assert_ptr_equal(o->x, x);
    o->x = NULL;
    o->cancels++;
}

static void own_poll(void *user, int timeout_ms) {
    own *o = (own *)user;
    llmf_exchange *x = o->x;
    (void)timeout_ms;
    if (!o->give || !x) return;
    o->x = NULL;
    llmf_exchange_status(x, 200);
    (void)llmf_exchange_data(x, o->late, strlen(o->late));
    llmf_exchange_end(x, LLMF_OK, NULL);
    if (!o->twice) return;
    llmf_exchange_status(x, 500);
    llmf_exchange_header(x, kit_str("x-request-id"), kit_str("late"));
    assert_int_equal(llmf_exchange_data(x, "data: x\n\n", 9), 9);
    llmf_exchange_end(x, LLMF_ERR_NETWORK, "again");
}

static llmf_factory *owning(kit_world *w, llmf_transport *t, own *o) {
    llmf_desc d = kit_desc(w);
    memset(t, 0, sizeof *t);
    memset(o, 0, sizeof *o);
    t->user = o;
    t->start = own_start;
    t->cancel = own_cancel;
    t->poll = own_poll;
    o->late = KIT_STORY;
    d.custom_transport = t;
    d.api_key = "k";
    return opened(&d);
}

/* One that never answers: the first byte has its time there too. */
static void own_transport_is_silent(void **state) {
    kit_world w;
    llmf_transport t;
    own o;
    llmf_factory *f = owning(&w, &t, &o);
    llmf_request req = kit_request(true);
    llmf_call c;
    kit_seen s;
    (void)state;
    memset(&s, 0, sizeof s);
    req.timeouts.first_byte_ms = 5000;
    c = llmf_start(f, model(f, "openai:m"), &req);
    llmf_poll(f, 0);
    kit_take(f, c, &s);
    assert_int_equal(s.finals, 0);
    w.now += UINT64_C(6000000000);
    llmf_poll(f, 0);
    kit_take(f, c, &s);
    assert_int_equal(s.finals, 1);
    assert_int_equal(s.code, LLMF_ERR_TIMEOUT);
    assert_true(kit_has(s.error, "first byte"));
    assert_int_equal(o.cancels, 1);
    kit_forget(&s);
    llmf_close(f);
    kit_drop(&w.log);
}

static void own_transport_ends_twice(void **state) {
    kit_world w;
    llmf_transport t;
    own o;
    llmf_factory *f = owning(&w, &t, &o);
    llmf_request req = kit_request(true);
    llmf_call c;
    kit_seen s;
    (void)state;
    memset(&s, 0, sizeof s);
    o.give = o.twice = true;
    c = llmf_start(f, model(f, "openai:m"), &req);
    llmf_poll(f, 0);
    kit_take(f, c, &s);
    assert_int_equal(s.finals, 1);
    assert_int_equal(s.code, LLMF_OK);
    assert_int_equal(s.response.error.http_status, 200);
    assert_int_equal(s.response.request_id.len, 0);
    kit_forget(&s);
    llmf_close(f);
    kit_drop(&w.log);
}

/* ---- figures ---- */

static void endless_timeouts(void **state) {
    llmf_recording r = kit_recording(200, KIT_STORY);
    kit_world w;
    llmf_desc d;
    llmf_factory *f = replaying(&w, &d, &r);
    llmf_request req = kit_request(true);
    llmf_response res;
    (void)state;
    w.now = UINT64_MAX / 2;
    req.timeouts.connect_ms = req.timeouts.first_byte_ms = req.timeouts.first_content_ms = req.timeouts.idle_ms = req.timeouts.total_ms = INT64_MAX;
    f->desc.slice_us = INT64_MAX;
    assert_int_equal(llmf_generate(f, model(f, "openai:m"), &req, &res), LLMF_OK);
    llmf_release(f, &res);
    assert_int_equal(llmf_poll(f, INT_MAX), 0);
    assert_true(llmfi_after_ms(0, 0) == 0 && llmfi_after_ms(5, -1) == 5 && llmfi_after_ms(5, 2) == 2000005);
    assert_true(llmfi_after_ms(7, INT64_MAX) > UINT64_MAX / 4 && llmfi_after_ms(UINT64_MAX - 1, INT64_MAX) < UINT64_MAX);
    llmf_close(f);
    kit_drop(&w.log);
}

static void impossible_descriptions(void **state) {
    static char block[1 << 16];
    llmf_stream_ops ops;
    llmf_transport t;
    llmf_error err;
    llmf_desc d;
    kit_world w;
    (void)state;
    memset(&ops, 0, sizeof ops);
    memset(&t, 0, sizeof t);
    d = kit_desc(&w);
    d.memory = block; /* of how many bytes? */
    assert_null(llmf_open(&d, &err));
    assert_int_equal(err.code, LLMF_ERR_ARGUMENT);
    d.memory_size = sizeof block;
    d.recv_size = SIZE_MAX;
    assert_null(llmf_open(&d, &err));
    assert_int_equal(err.code, LLMF_ERR_MEMORY);
    d.recv_size = SIZE_MAX - 7;
    assert_null(llmf_open(&d, &err));
    assert_int_equal(err.code, LLMF_ERR_MEMORY);
    d.recv_size = 1;
    d.max_calls = INT_MAX;
    assert_null(llmf_open(&d, &err));
    assert_int_equal(err.code, LLMF_ERR_MEMORY);
    d = kit_desc(&w);
    d.custom_stream = &ops;
    assert_null(llmf_open(&d, &err));
    assert_int_equal(err.code, LLMF_ERR_ARGUMENT);
    d = kit_desc(&w);
    d.custom_transport = &t;
    assert_null(llmf_open(&d, &err));
    assert_int_equal(err.code, LLMF_ERR_ARGUMENT);
    kit_drop(&w.log);
}

/* ---- texts ---- */

/* The front of an error's body tells what it is about, in whatever pieces it comes. */
static void long_error_bodies(void **state) {
    char body[400];
    size_t chunk;
    (void)state;
    memset(body, 'x', sizeof body);
    memcpy(body, "the model is on fire ", 21);
    body[sizeof body - 1] = '\0';
    for (chunk = 0; chunk < 200; chunk++) {
        llmf_recording r = kit_recording(500, body);
        kit_world w;
        llmf_desc d;
        llmf_factory *f;
        llmf_request req = kit_request(true);
        llmf_response res;
        r.chunk = chunk;
        f = replaying(&w, &d, &r);
        assert_int_equal(llmf_generate(f, model(f, "openai:m"), &req, &res), LLMF_ERR_SERVER);
        assert_true(kit_has(res.error.text, "on fire"));
        assert_true(res.error.message.len <= LLMF_MAX_ERROR_BODY);
        llmf_release(f, &res);
        llmf_close(f);
        kit_drop(&w.log);
    }
}

/* An event's index is looked for once, however many members want it: a megabyte of them costs as much as any other. */
static void many_deltas_without_an_index(void **state) {
    kit_text body = {NULL, 0, 0};
    llmf_recording r;
    kit_world w;
    llmf_desc d;
    llmf_factory *f;
    llmf_request req = kit_request(true);
    llmf_response res;
    double from;
    int i;
    (void)state;
    kit_adds(&body, "data: {\"type\":\"content_block_delta\"");
    for (i = 0; i < 100000; i++) kit_adds(&body, ",\"delta\":{}");
    kit_adds(&body, "}\n\n");
    r = kit_recording(200, kit_cstr(&body));
    f = replaying(&w, &d, &r);
    from = kit_seconds();
    assert_int_equal(llmf_generate(f, model(f, "anthropic:m"), &req, &res), LLMF_ERR_TRUNCATED);
    assert_true(kit_seconds() - from < 5);
    llmf_release(f, &res);
    llmf_close(f);
    kit_drop(&w.log);
    kit_drop(&body);
}

/* Members of a response end with NUL and are UTF-8, the raw body and a header's value too. */
static void raw_and_request_id(void **state) {
    static const llmf_header headers[] = {{{"x-request-id", 12}, {"id\xff\xc3", 4}}};
    char body[1024];
    size_t pad;
    (void)state;
    for (pad = 0; pad < 300; pad++) {
        llmf_recording r;
        kit_world w;
        llmf_desc d;
        llmf_factory *f;
        llmf_request req = kit_request(false);
        llmf_response res;
        snprintf(body, sizeof body, "%*s{\"choices\":[{\"message\":{\"content\":\"hi\"},\"finish_reason\":\"stop\"}]}", (int)pad, "");
        r = kit_recording(200, body);
        r.headers = headers;
        r.header_count = 1;
        f = replaying(&w, &d, &r);
        req.flags = LLMF_KEEP_RAW;
        assert_int_equal(llmf_generate(f, model(f, "openai:m"), &req, &res), LLMF_OK);
        assert_int_equal(res.raw.len, strlen(body));
        assert_int_equal(res.raw.ptr[res.raw.len], '\0');
        assert_string_equal(res.request_id.ptr, "id\xef\xbf\xbd\xef\xbf\xbd");
        llmf_release(f, &res);
        llmf_close(f);
        kit_drop(&w.log);
    }
}

/* ---- secrets ---- */

static const llmf_header *header_of(const llmf_preview *p, const char *name, int *count) {
    const llmf_header *found = NULL;
    size_t i;
    *count = 0;
    for (i = 0; i < p->header_count; i++) {
        if (!llmfi_eq_nocase(p->headers[i].name, kit_str(name))) continue;
        found = &p->headers[i];
        ++*count;
    }
    return found;
}

static bool found(const char *block, size_t size, const char *word) {
    size_t i, n = strlen(word);
    for (i = 0; i + n <= size; i++)
        if (memcmp(block + i, word, n) == 0) return true;
    return false;
}

/* Secrets in the config's headers are as secret as a key, and the config's authorization takes the key's place. */
static void secrets_in_headers(void **state) {
    static const char *const env[] = {"K", CANARY, NULL};
    static char block[1 << 20];
    llmf_recording r = kit_recording(401, "{\"error\":{\"message\":\"bad key " CANARY "\"}}");
    llmf_request req = kit_request(true);
    llmf_preview p;
    llmf_response res;
    kit_world w;
    llmf_desc d = kit_desc(&w);
    llmf_factory *f;
    const llmf_header *h;
    int count;
    (void)state;
    w.env = env;
    d.transport = "replay";
    d.memory = block + 3;
    d.memory_size = sizeof block - 3;
    d.api_key = "other-" CANARY;
    d.config_text = "models: {m: {provider: openai, model_id: x, headers: {authorization: \"Bearer ${K}\", X-Gateway-Token: \"${K}\", X-Team: blue}}}";
    f = opened(&d);
    assert_int_equal(llmf_preview_request(f, model(f, "m"), &req, &p), LLMF_OK);
    h = header_of(&p, "Authorization", &count);
    assert_int_equal(count, 1);
    assert_true(kit_is(h->value, "REDACTED"));
    assert_true(kit_is(header_of(&p, "X-Gateway-Token", &count)->value, "REDACTED"));
    assert_true(kit_is(header_of(&p, "X-Team", &count)->value, "blue"));
    llmf_free(f, p.call);
    assert_int_equal(llmf_replay(f, &r), LLMF_OK);
    assert_int_equal(llmf_generate(f, model(f, "m"), &req, &res), LLMF_ERR_AUTH);
    assert_false(kit_has(res.error.text, CANARY));
    assert_false(kit_has(res.error.message.ptr, CANARY));
    llmf_release(f, &res);
    llmf_close(f);
    /* What the server said, the recording holds; of ours nothing may be left. */
    assert_false(found(block, sizeof block, "other-" CANARY));
    assert_false(found(block, sizeof block, "Bearer " CANARY));
    kit_drop(&w.log);
}

/* ---- a stream of the program's own ---- */

typedef struct wire {
    const char *reply;
    size_t at, sent;
    int opens;
} wire;

static void *wire_open(void *user, const char *host, int port, bool tls) {
    wire *s = (wire *)user;
    (void)host, (void)port, (void)tls;
    s->opens++;
    s->at = s->sent = 0;
    return s;
}

static int wire_read(void *user, void *stream, char *out, size_t cap) {
    wire *s = (wire *)stream;
    size_t n = s->sent ? strlen(s->reply) - s->at : 0;
    (void)user;
    if (n > cap) n = cap;
    memcpy(out, s->reply + s->at, n);
    s->at += n;
    return (int)n;
}

static int wire_write(void *user, void *stream, const char *bytes, size_t len) {
    (void)user, (void)bytes;
    ((wire *)stream)->sent += len;
    ((wire *)stream)->at = 0;
    return (int)len;
}

static void wire_close(void *user, void *stream) {
    (void)user, (void)stream;
}

#define BODY "{\"choices\":[{\"message\":{\"content\":\"hi\"},\"finish_reason\":\"stop\"}]}"
#define REPLY "HTTP/1.1 200 OK\r\nContent-Length: 65\r\n\r\n" BODY

/* A connection on which more came than was asked for serves no other call: the rest of it would be taken for that one's reply. */
static void bytes_behind_the_reply(void **state) {
    static const struct {
        const char *reply;
        int opens;
        size_t recv;
    } cases[] = {{REPLY, 1, 0}, {REPLY REPLY, 2, 0}, {REPLY "x", 2, 0}, {REPLY, 1, 1}};
    size_t i;
    int n;
    (void)state;
    assert_int_equal(strlen(BODY), 65);
    for (i = 0; i < KIT_COUNT(cases); i++) {
        llmf_stream_ops ops;
        llmf_request req = kit_request(false);
        llmf_response res;
        kit_world w;
        llmf_desc d = kit_desc(&w);
        llmf_factory *f;
        wire s;
        memset(&ops, 0, sizeof ops);
        memset(&s, 0, sizeof s);
        s.reply = cases[i].reply;
        ops.user = &s;
        ops.open = wire_open;
        ops.read = wire_read;
        ops.write = wire_write;
        ops.close = wire_close;
        d.custom_stream = &ops;
        d.recv_size = cases[i].recv;
        d.api_key = CANARY;
        f = opened(&d);
        for (n = 0; n < 2; n++) {
            assert_int_equal(llmf_generate(f, model(f, "openai:m"), &req, &res), LLMF_OK);
            assert_string_equal(res.text.ptr, "hi");
            llmf_release(f, &res);
        }
        assert_int_equal(s.opens, cases[i].opens);
        assert_false(found(f->net.recv, f->desc.recv_size, CANARY));
        llmf_close(f);
        kit_drop(&w.log);
    }
}

/* ---- a poll that comes late ---- */

static int pair_read(void *user, void *stream, char *out, size_t cap) {
    int n = os_read(*(intptr_t *)stream, out, cap);
    (void)user;
    return n > 0 ? n : n == 0 ? LLMF_STREAM_END : errno == EAGAIN ? 0 : -LLMF_ERR_NETWORK;
}

static int pair_write(void *user, void *stream, const char *bytes, size_t len) {
    (void)user, (void)stream, (void)bytes;
    return (int)len;
}

static void *pair_open(void *user, const char *host, int port, bool tls) {
    (void)host, (void)port, (void)tls;
    return user;
}

static intptr_t pair_fd(void *user, void *stream, int *events) {
    (void)user, (void)events;
    return *(intptr_t *)stream;
}

/* What is there already was in time: the program was away, not the provider. */
static void a_late_poll_is_no_timeout(void **state) {
    static const char reply[] = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" KIT_STORY;
    intptr_t fds[2];
    int i;
    llmf_stream_ops ops;
    llmf_request req = kit_request(true);
    kit_world w;
    llmf_desc d = kit_desc(&w);
    llmf_factory *f;
    llmf_call c;
    kit_seen s;
    (void)state;
    memset(&s, 0, sizeof s);
    memset(&ops, 0, sizeof ops);
    assert_int_equal(os_pair(fds), 0);
    assert_true(llmfi_sys_quiet(fds[0]));
    ops.user = &fds[0];
    ops.open = pair_open;
    ops.read = pair_read;
    ops.write = pair_write;
    ops.close = wire_close;
    ops.fd = pair_fd;
    d.custom_stream = &ops;
    d.api_key = "k";
    f = opened(&d);
    c = llmf_start(f, model(f, "openai:m"), &req);
    for (i = 0; i < 3; i++) llmf_poll(f, 0);
    assert_int_equal(os_write(fds[1], reply, sizeof reply - 1), (int)sizeof reply - 1);
    os_close(fds[1]);
    w.now += UINT64_C(3600000000000);
    for (i = 0; i < 3; i++) llmf_poll(f, 0);
    kit_take(f, c, &s);
    assert_int_equal(s.finals, 1);
    assert_int_equal(s.code, LLMF_OK);
    assert_string_equal(kit_cstr(&s.text), KIT_STORY_TEXT);
    kit_forget(&s);
    llmf_close(f);
    os_close(fds[0]);
    kit_drop(&w.log);
}

/* ---- errno ---- */

static void errno_is_left_alone(void **state) {
    llmf_desc d;
    kit_world w;
    llmf_request req = kit_request(true);
    llmf_error err;
    llmf_factory *f;
    llmf_response res;
    llmf_call c;
    llmf_model m;
    int how;
    (void)state;
    for (how = 0; how < 2; how++) { /* nothing listens there: system calls fail */
        d = kit_desc(&w);
        d.clock_ns = NULL;
        d.base_url = "http://127.0.0.1:1/v1";
        d.api_key = "k";
        d.transport = how ? "curl" : "socket";
        errno = 77;
        f = llmf_open(&d, &err);
        assert_int_equal(errno, 77);
        if (!f) continue;
        m = llmf_get(f, "openai:m", &err);
        assert_int_equal(llmf_generate(f, m, &req, &res), LLMF_ERR_NETWORK);
        assert_int_equal(errno, 77);
        llmf_release(f, &res);
        c = llmf_start(f, m, &req);
        (void)llmf_poll(f, 0);
        (void)llmf_cancel(f, c);
        llmf_free(f, c);
        c = llmf_start(f, m, &req);
        (void)llmf_poll(f, 20);
        llmf_free(f, c);
        llmf_wakeup(f);
        llmf_close(f);
        assert_int_equal(errno, 77);
        kit_drop(&w.log);
    }
    d = kit_desc(&w);
    d.config = "/nowhere/at/all.yaml";
    assert_null(llmf_open(&d, &err));
    assert_true(llmf_check(&d, NULL, NULL) > 0);
    assert_int_equal(llmf_min_memory(&d), 0);
    assert_int_equal(errno, 77);
    kit_drop(&w.log);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(free_inside_generate),
        cmocka_unit_test(close_inside_a_callback),
        cmocka_unit_test(a_failed_start_does_not_call_back_at_once),
        cmocka_unit_test(no_busy_loop),
        cmocka_unit_test(no_busy_loop_in_generate),
        cmocka_unit_test(a_slice_of_nothing),
        cmocka_unit_test(own_transport_is_silent),
        cmocka_unit_test(own_transport_ends_twice),
        cmocka_unit_test(endless_timeouts),
        cmocka_unit_test(impossible_descriptions),
        cmocka_unit_test(long_error_bodies),
        cmocka_unit_test(many_deltas_without_an_index),
        cmocka_unit_test(raw_and_request_id),
        cmocka_unit_test(secrets_in_headers),
        cmocka_unit_test(bytes_behind_the_reply),
        cmocka_unit_test(a_late_poll_is_no_timeout),
        cmocka_unit_test(errno_is_left_alone),
    };
    return cmocka_run_group_tests_name("hostile", tests, NULL, NULL);
}
