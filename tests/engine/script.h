/* A world that a script decides: the test's own HTTP answers each request as the script says, after so much time of a clock that moves only from one thing that
   happens to the next. Nothing waits, nothing is left to chance, and a day passes in a moment. */
#ifndef ENGINE_SCRIPT_H
#define ENGINE_SCRIPT_H
#include "kit.h"

enum { SCRIPT_HEADERS = 4, SCRIPT_PENDING = 4096 };

typedef struct script_reply {
    int64_t delay_ms;              /* from the request to the whole reply; below 0: it never comes */
    int status;                    /* 0: no reply, `end` alone */
    const char *headers[2 * SCRIPT_HEADERS]; /* name, value, ... */
    const char *body;
    size_t cut;                    /* only so many bytes of the body; 0: all */
    int64_t piece_ms;              /* between its events; 0: all at once */
    int end;                       /* how the exchange ends: llmf_result */
} script_reply;

typedef struct script script;
/* The reply to a request; `n` counts them from 1. */
typedef script_reply (*script_fn)(script *s, const llmf_http_request *req, int n);

typedef struct script_pending {
    llmf_exchange *x;              /* NULL: a free place */
    script_reply reply;
    size_t sent;                   /* bytes of the body */
    bool begun;                    /* the head has been given */
    uint64_t due;
} script_pending;

struct script {
    kit_world w;                   /* first: it is the user of the hooks */
    script_fn answer;
    void *data;                    /* the test's */
    int asked, under_way;
    size_t top;                    /* no place of `pending` from here on is taken */
    char url[256];                 /* of the latest request */
    char body[4096];
    llmf_header headers[64];
    script_pending pending[SCRIPT_PENDING];
    llmf_transport transport;
};

KIT_UNUSED static int64_t script_ms(const script *s) {
    return (int64_t)(s->w.now / 1000000u);
}

static int64_t script_wall(void *user) {
    return INT64_C(1700000000000) + (int64_t)(((kit_world *)user)->now / 1000000u);
}

static int script_start(void *user, llmf_exchange *x, const llmf_http_request *req) {
    script *s = (script *)user;
    script_pending *p = s->pending;
    size_t n = req->url.len < sizeof s->url - 1 ? req->url.len : sizeof s->url - 1;
    while (p->x && p < s->pending + SCRIPT_PENDING - 1) p++;
    if (p->x) abort();             /* more at once than a test has business with */
    memcpy(s->url, req->url.ptr, n);
    s->url[n] = '\0';
    n = llmf_exchange_read(x, s->body, sizeof s->body - 1);
    s->body[n] = '\0';
    memset(p, 0, sizeof *p);
    p->reply = s->answer(s, req, ++s->asked);
    p->x = x;
    if (s->top <= (size_t)(p - s->pending)) s->top = (size_t)(p - s->pending) + 1;
    p->due = p->reply.delay_ms < 0 ? UINT64_MAX : s->w.now + (uint64_t)p->reply.delay_ms * 1000000u;
    s->under_way++;
    return LLMF_OK;
}

static void script_cancel(void *user, llmf_exchange *x) {
    script *s = (script *)user;
    size_t i;
    for (i = 0; i < s->top; i++)
        if (s->pending[i].x == x) {
            s->pending[i].x = NULL;
            s->under_way--;
        }
}

/* One reply, or its next piece. */
static void script_give(script *s, script_pending *p) {
    const script_reply *r = &p->reply;
    llmf_exchange *x = p->x;
    size_t i, len = r->body ? strlen(r->body) : 0, n;
    if (r->status && !p->begun) {
        p->begun = true;
        llmf_exchange_status(x, r->status);
        for (i = 0; i < SCRIPT_HEADERS && r->headers[2 * i]; i++) llmf_exchange_header(x, kit_str(r->headers[2 * i]), kit_str(r->headers[2 * i + 1]));
    }
    if (r->cut && r->cut < len) len = r->cut;
    while (r->status && p->sent < len && p->x == x) {
        const char *end = r->piece_ms ? strstr(r->body + p->sent, "\n\n") : NULL;
        n = end && (size_t)(end + 2 - r->body) < len ? (size_t)(end + 2 - r->body) - p->sent : len - p->sent;
        i = llmf_exchange_data(x, r->body + p->sent, n);
        if (p->x != x) return; /* cancelled meanwhile */
        p->sent += i;
        if (i < n || (r->piece_ms && p->sent < len)) {
            p->due = s->w.now + (uint64_t)(r->piece_ms > 0 ? r->piece_ms : 1) * 1000000u;
            return;
        }
    }
    if (p->x != x) return;
    p->x = NULL;
    s->under_way--;
    llmf_exchange_end(x, r->end, r->end ? "as the script has it" : NULL);
}

static void script_poll(void *user, int timeout_ms) {
    script *s = (script *)user;
    size_t i;
    (void)timeout_ms;
    for (i = 0; s->under_way && i < s->top; i++)
        if (s->pending[i].x && s->pending[i].due <= s->w.now) script_give(s, &s->pending[i]);
    while (s->top && !s->pending[s->top - 1].x) s->top--;
}

static llmf_desc script_desc(script *s, script_fn answer) {
    llmf_desc d;
    memset(s, 0, sizeof *s);
    d = kit_desc(&s->w);
    s->answer = answer;
    s->transport.user = s;
    s->transport.start = script_start;
    s->transport.cancel = script_cancel;
    s->transport.poll = script_poll;
    d.custom_transport = &s->transport;
    d.wall_ms = script_wall;
    d.retry.max_retries = 0;       /* as it comes */
    d.retry.jitter = -1;
    return d;
}

/* On to the next thing that happens. False: nothing will. */
KIT_UNUSED static bool script_step(script *s, llmf_factory *f) {
    uint64_t next = UINT64_MAX, before = f->events;
    int64_t ms;
    size_t i;
    llmf_poll(f, 0);
    if (f->events != before) return true; /* at that moment, not behind it */
    llmfi_now(f);
    ms = llmfi_wait_ms(f, -1); /* llmf_deadline_ms is 0 while other calls have events that nobody takes */
    if (ms >= 0) next = s->w.now + (uint64_t)ms * 1000000u;
    for (i = 0; i < s->top; i++)
        if (s->pending[i].x && s->pending[i].due < next) next = s->pending[i].due;
    if (next == UINT64_MAX) return false;
    if (next > s->w.now) s->w.now = next;
    return true;
}

/* Until the call has given its final event; false: it never will. */
KIT_UNUSED static bool script_run(script *s, llmf_factory *f, llmf_call c, kit_seen *seen) {
    int i;
    for (i = 0; i < 1000000; i++) {
        kit_take(f, c, seen);
        if (seen->finals) return true;
        if (!script_step(s, f)) {
            llmf_poll(f, 0);
            kit_take(f, c, seen);
            return seen->finals != 0;
        }
    }
    return false;
}

#endif
