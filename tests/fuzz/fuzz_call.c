/* A whole call over the transport replay: any reply, in any pieces, with faults at any byte, small limits, little memory, through every face.
   The first bytes of the input choose all that (struct plan), the rest is the reply's body. What must hold whatever comes: one final event, all memory back, no
   success without a terminal event, the same answer whole and in pieces, valid UTF-8, a NUL behind what the response holds. */
#define LLMFACTORY_IMPLEMENTATION
#define LLMF_NO_CURL 1 /* nothing goes over a network here */
#include "../../llmfactory.h"
#include "../kept.h"
#include <stdio.h>

enum { DIALECTS = 4, FACES = 11, PLAN = 20, NO_CODE = -1 };
enum { PULL, PULL_ANY, PULL_CANCEL, PULL_LATE, PUSH, PUSH_STOP, PUSH_FREE, PUSH_CANCEL, PUSH_START, GENERATE, GENERATE_FREE };

typedef struct plan {
    int dialect, face, status;
    bool stream, slow;
    uint32_t flags;
    size_t chunk, nth, limit_line, limit_response;
    uint64_t seed, cut, reset, stall, refuse;
    bool refuse_on, tiny;
    uint8_t header;
} plan;

/* One call's events as they came, and what they amounted to. */
typedef struct seen {
    char text[8192], error[512];
    size_t len;
    size_t events, texts;                    /* texts: bytes of text and reasoning that events brought */
    int finals, code, finish;
    size_t calls;
    llmf_usage usage;
} seen;

typedef struct world {
    llmf_factory *f;
    llmf_model m[DIALECTS];
    size_t used;                             /* of the heap, with no call there */
    uint64_t now;
    void *block;
} world;

typedef struct face {
    const plan *p;
    world *w;
    seen *s;
    llmf_call call, other, child;            /* the one that is watched; one beside it; one started from inside its callback */
    const llmf_request *req;
    bool freed;
} face;

static world roomy, narrow;

/* Says which one it was. */
static void must_at(bool ok, int line) {
    if (ok) return;
    fprintf(stderr, "fuzz_call.c:%d: does not hold\n", line);
    abort();
}
#define must(ok) must_at((ok), __LINE__)

static uint64_t clock_ns(void *user) {
    return ((world *)user)->now += 1000;
}

static const char *keys_only(void *user, const char *name) {
    (void)user;
    return llmfi_ends(llmfi_cstr(name), LLMFI_LIT("_API_KEY")) ? "sk-canary-key" : NULL;
}

/* ---- a dialect of the program's own: each frame's first byte says what the rest is ---- */

static void toy_body(void *user, const llmf_request *req, const llmf_model_info *model, llmf_out *out) {
    (void)user, (void)model;
    llmf_out_write(out, "{\"q\":", 5);
    llmf_out_json_string(out, llmfi_str(req->messages[0].content, req->messages[0].content_len));
    llmf_out_write(out, "}", 1);
}

static void toy_frame(void *user, llmf_reply *r, llmf_str event, llmf_str data) {
    llmf_str rest = llmfi_from(data, 1);
    llmf_usage u;
    (void)user, (void)event;
    memset(&u, 0, sizeof u);
    u.input = (int64_t)rest.len;
    u.output = -1;
    switch (data.len ? data.ptr[0] : 0) {
    case 't': llmf_reply_text(r, rest); break;
    case 'r': llmf_reply_reasoning(r, rest); break;
    case 'c': llmf_reply_tool(r, llmfi_str(rest.ptr, rest.len / 4), llmfi_str(rest.ptr, rest.len / 2), rest); break;
    case 'f': llmf_reply_finish(r, rest); break;
    case 'u': llmf_reply_usage(r, &u); break;
    case 'e': llmf_reply_error(r, (int)rest.len % 40, rest, rest); break;
    case 'd': llmf_reply_done(r); break;
    default: break;
    }
}

static void open_world(world *w, size_t size) {
    static const char *const names[DIALECTS] = {"openai:gpt-4o", "anthropic:claude-x", "ollama:m", "toy:m"};
    llmf_desc d;
    llmf_dialect toy;
    llmf_provider_desc p;
    llmf_error err;
    int i;
    memset(&d, 0, sizeof d);
    memset(&toy, 0, sizeof toy);
    memset(&p, 0, sizeof p);
    w->block = malloc(size + 1);
    w->now = UINT64_C(1) << 40;
    d.memory = (char *)w->block + 1; /* no block is aligned unless its owner took care */
    d.memory_size = size;
    d.transport = "replay";
    d.recv_size = 256;
    d.max_calls = 3;
    d.clock_ns = clock_ns;
    d.getenv_fn = keys_only;
    d.user = w;
    w->f = llmf_open(&d, &err);
    if (!w->f) fprintf(stderr, "%s\n", err.text);
    must(w->f != NULL);
    toy.name = "toytalk";
    toy.body = toy_body;
    toy.on_frame = toy_frame;
    toy.framing = LLMF_FRAMING_NDJSON;
    toy.stream_framing = LLMF_FRAMING_SSE;
    p.name = "toy";
    p.dialect = "toytalk";
    p.base_url = "http://toy.invalid/v1";
    must(llmf_register_dialect(w->f, &toy, &err) == LLMF_OK && llmf_register(w->f, &p, &err) == LLMF_OK);
    for (i = 0; i < DIALECTS; i++) {
        w->m[i] = llmf_get(w->f, names[i], &err);
        if (!w->m[i].id) fprintf(stderr, "%s: %s\n", names[i], err.text);
        must(w->m[i].id != 0);
    }
    w->used = used_by_calls(w->f);
}

/* ---- what came ---- */

static void note(seen *s, const void *bytes, size_t len) {
    size_t n = len < sizeof s->text - s->len ? len : sizeof s->text - s->len;
    if (n) memcpy(s->text + s->len, bytes, n);
    s->len += n;
}

/* A member of the response: UTF-8, and a NUL behind it. */
static void check_member(seen *s, llmf_str text, bool utf8) {
    must(text.ptr != NULL && text.ptr[text.len] == '\0');
    if (utf8) must(llmfi_utf8_valid(text, NULL));
    note(s, text.ptr, text.len);
    note(s, "|", 1);
}

static void check_response(seen *s, const llmf_response *r, bool discard) {
    size_t i;
    s->code = r->error.code;
    s->finish = r->finish;
    s->usage = r->usage;
    s->calls = r->tool_call_count;
    memcpy(s->error, r->error.text, sizeof s->error);
    must(r->error.code == LLMF_OK || r->error.text[0]);
    must(memchr(r->error.text, '\0', sizeof r->error.text) != NULL && !strstr(r->error.text, "sk-canary-key"));
    must(!strstr(r->error.provider_code, "sk-canary-key") && !strstr(r->error.message.ptr, "sk-canary-key"));
    must(llmfi_utf8_valid(llmfi_cstr(r->error.text), NULL) && llmfi_utf8_valid(llmfi_cstr(r->error.provider_code), NULL));
    must(!discard || (!r->text.len && !r->reasoning.len));
    check_member(s, r->provider, true);
    check_member(s, r->model, true);
    check_member(s, r->model_used, true);
    check_member(s, r->request_id, true);
    check_member(s, r->text, true);
    check_member(s, r->reasoning, true);
    check_member(s, r->refusal, true);
    check_member(s, r->state, true);
    check_member(s, r->finish_raw, true);
    check_member(s, r->error.message, true);
    check_member(s, r->raw, false);
    for (i = 0; i < r->tool_call_count; i++) {
        check_member(s, r->tool_calls[i].id, true);
        check_member(s, r->tool_calls[i].name, true);
        check_member(s, r->tool_calls[i].arguments, true);
        must(r->tool_calls[i].invalid || llmf_json_valid(r->tool_calls[i].arguments, NULL));
    }
    for (i = 0; i < r->citation_count; i++) {
        check_member(s, r->citations[i].url, true);
        check_member(s, r->citations[i].title, true);
    }
}

static void see(face *x, const llmf_event *ev) {
    seen *s = x->s;
    must(!s->finals && !x->freed);
    s->events++;
    must(ev->call.id == x->call.id || !x->call.id);
    must(llmfi_utf8_valid(ev->text, NULL));
    if (ev->type == LLMF_EVENT_TEXT || ev->type == LLMF_EVENT_REASONING) s->texts += ev->text.len;
    must((ev->type == LLMF_EVENT_DONE || ev->type == LLMF_EVENT_ERROR) == (ev->response != NULL));
    if (!ev->response) return;
    s->finals++;
    must((ev->type == LLMF_EVENT_DONE) == (ev->response->error.code == LLMF_OK));
    check_response(s, ev->response, (x->p->flags & LLMF_DISCARD_TEXT) != 0);
    must(s->code != LLMF_OK || llmfi_call_of(x->w->f, ev->call)->reply.terminal);
    must(s->code != LLMF_OK || (x->p->status >= 200 && x->p->status < 300));
    must((x->p->flags & LLMF_DISCARD_TEXT) || s->texts == ev->response->text.len + ev->response->reasoning.len);
}

static int quiet(void *user, const llmf_event *ev) {
    (void)user, (void)ev;
    return LLMF_CONTINUE;
}

static int on_event(void *user, const llmf_event *ev) {
    face *x = (face *)user;
    bool now;
    x->call = ev->call;
    see(x, ev);
    now = x->s->events == x->p->nth;
    if (now && x->other.id) { /* another call, which waits to be read */
        llmf_event taken;
        (void)llmf_next(x->w->f, x->other, &taken);
        if (x->p->nth & 1) llmf_free(x->w->f, x->other);
        else (void)llmf_cancel(x->w->f, x->other);
    }
    switch (x->p->face) {
    case PUSH_STOP: return now ? LLMF_STOP : LLMF_CONTINUE;
    case PUSH_FREE:
    case GENERATE_FREE:
        if (!now) break;
        llmf_free(x->w->f, ev->call);
        llmf_free(x->w->f, ev->call);
        x->freed = true;
        break;
    case PUSH_CANCEL:
        if (now) (void)llmf_cancel(x->w->f, ev->call);
        break;
    case PUSH_START:
        if (now) {
            llmf_request again = *x->req;
            again.on_event = quiet;
            x->child = llmf_start(x->w->f, x->w->m[x->p->dialect], &again);
        }
        break;
    default: break;
    }
    return LLMF_CONTINUE;
}

/* ---- the faces ---- */

static void take(face *x) {
    llmf_event ev;
    const plan *p = x->p;
    while (p->face == PULL_ANY ? llmf_next_any(x->w->f, &ev) : llmf_next(x->w->f, x->call, &ev)) {
        if (ev.call.id != x->call.id) continue;
        see(x, &ev);
        if (p->face == PULL_CANCEL && x->s->events == p->nth) must(llmf_cancel(x->w->f, x->call) == LLMF_OK);
        if (p->face == PULL_LATE && x->s->events % 3 == 0) break; /* not all that is there */
    }
}

/* Polls until the call is over; time goes on when nothing happens. */
static void drive(face *x) {
    world *w = x->w;
    unsigned idle = 0;
    bool pull = x->p->face < PUSH, done = false;
    while (!(pull ? x->s->finals != 0 : done)) {
        size_t before = x->s->events;
        must(llmf_poll(w->f, 0) >= 0);
        if (pull) take(x);
        else if (llmf_status(w->f, x->call, &done) == LLMF_OK && !x->s->finals) done = false;
        idle = x->s->events == before ? idle + 1 : 0;
        if (idle > 8 && x->p->stall) w->now += UINT64_C(10000000000);
        must(idle < 3000);
    }
}

static void generate(face *x) {
    llmf_response r;
    llmf_result code = llmf_generate(x->w->f, x->w->m[x->p->dialect], x->req, &r);
    must((int)code == r.error.code);
    x->call = r.call;
    if (!r.call.id) x->s->code = r.error.code;
    else if (!x->req->on_event) check_response(x->s, &r, (x->p->flags & LLMF_DISCARD_TEXT) != 0);
    must(code != LLMF_OK || x->freed || llmfi_call_of(x->w->f, r.call)->reply.terminal);
    llmf_release(x->w->f, &r);
}

static void set_up(const plan *p, world *w, llmf_recording *rec, llmf_request *req, llmf_header *headers, const uint8_t *body, size_t len) {
    memset(rec, 0, sizeof *rec);
    memset(req, 0, sizeof *req);
    rec->status = p->status;
    rec->body = llmfi_str((const char *)body, len);
    rec->chunk = p->chunk;
    rec->seed = p->seed;
    rec->cut_at = p->cut;
    rec->reset_at = p->reset;
    rec->stall_at = p->stall;
    headers[0].name = p->header & 1 ? LLMFI_LIT("retry-after") : LLMFI_LIT("retry-after-ms");
    headers[1].name = p->header & 2 ? LLMFI_LIT("x-request-id") : LLMFI_LIT("x-amzn-errortype");
    headers[0].value = headers[1].value = llmfi_str((const char *)body, len < p->header ? len : p->header);
    rec->headers = headers;
    rec->header_count = p->header ? 2 : 0;
    req->prompt = "hello";
    req->stream = p->stream;
    req->flags = p->flags;
    w->f->desc.max_line = p->limit_line;
    w->f->desc.max_response = p->limit_response;
    w->f->desc.slice_us = p->slow ? 3 : 0;
    must(llmf_replay(w->f, rec) == LLMF_OK);
}

static void play(const plan *p, world *w, seen *s, const uint8_t *body, size_t len) {
    llmf_recording rec;
    llmf_request req, first;
    llmf_header headers[2];
    face x;
    memset(&x, 0, sizeof x);
    memset(s, 0, sizeof *s);
    s->code = NO_CODE;
    set_up(p, w, &rec, &req, headers, body, len);
    x.p = p;
    x.w = w;
    x.s = s;
    x.req = &req;
    if (p->nth & 2) { /* one more call beside it, which nobody reads */
        first = req;
        x.other = llmf_start(w->f, w->m[p->dialect], &first);
    }
    if (p->face >= PUSH && p->face != GENERATE) {
        req.on_event = on_event;
        req.on_event_user = &x;
    }
    if (p->refuse) llmf_fail_memory(w->f, p->refuse, p->refuse_on);
    if (p->face >= GENERATE) {
        generate(&x);
    } else {
        x.call = llmf_start(w->f, w->m[p->dialect], &req);
        if (x.call.id) drive(&x);
        else s->code = LLMF_ERR_MEMORY;
        must(s->finals == 1 || x.freed || !x.call.id);
        must(!x.freed || llmf_status(w->f, x.call, NULL) == LLMF_ERR_STALE);
        llmf_free(w->f, x.call);
    }
    llmf_free(w->f, x.other);
    llmf_free(w->f, x.child);
    llmf_fail_memory(w->f, 0, false);
    must(w->f->active == 0 && w->f->calls == NULL && w->f->ready_first == NULL && used_by_calls(w->f) == w->used);
}

/* ---- the plan ---- */

static uint64_t place(const uint8_t *at, uint8_t which, int bit) {
    return which >> bit & 1 ? (uint64_t)at[0] + at[1] * 256u + 1 : 0;
}

static plan read_plan(const uint8_t *d) {
    static const int statuses[] = {200, 200, 200, 200, 201, 400, 401, 404, 429, 500, 503, 302, 0, 204, 999, 100};
    plan p;
    uint8_t faults = d[6];
    memset(&p, 0, sizeof p);
    p.dialect = d[0] % DIALECTS;
    p.stream = d[0] & 64;
    p.slow = d[0] & 128;
    p.face = d[1] % FACES;
    p.status = statuses[d[2] % 16] ? statuses[d[2] % 16] : 200;
    p.flags = (d[3] & 1 ? LLMF_DISCARD_TEXT : 0) | (d[3] & 2 ? LLMF_KEEP_RAW : 0) | (d[3] & 4 ? LLMF_BORROW : 0);
    p.tiny = d[3] & 8;
    p.chunk = d[4] % 67;
    p.seed = d[5];
    p.cut = place(d + 7, faults, 0);
    p.reset = place(d + 7, faults, 1);
    p.stall = p.face < GENERATE ? place(d + 9, faults, 2) : 0; /* which would wait in real time */
    p.refuse = faults & 8 ? d[11] : 0;
    p.refuse_on = faults & 16;
    p.limit_line = faults & 32 ? (size_t)d[12] + 1 : 1 << 20;
    p.limit_response = faults & 64 ? (size_t)d[13] * 8 + 1 : 1 << 24;
    p.nth = (size_t)d[14] % 24 + 1;
    p.header = d[15] % 64;
    return p;
}

static bool same(const seen *a, const seen *b) {
    return a->code == b->code && a->finish == b->finish && a->calls == b->calls && a->len == b->len && !memcmp(a->text, b->text, a->len) &&
           !memcmp(&a->usage, &b->usage, sizeof a->usage) && !strcmp(a->error, b->error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static seen one, other;
    plan p;
    if (size < PLAN || size > PLAN + 8192) return 0;
    if (!roomy.f) {
        open_world(&roomy, 4u << 20);
        open_world(&narrow, 60u << 10);
    }
    p = read_plan(data);
    play(&p, p.tiny ? &narrow : &roomy, &one, data + PLAN, size - PLAN);
    if (p.tiny || p.refuse || p.stall || p.limit_line < 1 << 20 || p.limit_response < 1 << 24) return 0;
    p.face = p.face == GENERATE ? GENERATE : PULL;
    p.slow = false;
    play(&p, &roomy, &one, data + PLAN, size - PLAN);
    p.chunk = 0;
    p.seed = 0;
    play(&p, &roomy, &other, data + PLAN, size - PLAN);
    must(same(&one, &other));
    return 0;
}
