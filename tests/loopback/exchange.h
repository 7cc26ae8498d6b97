/* exchange.h - one request on its way to a reply: what was asked (ask), what is answered (answer), the body with the marks
 * where its events end (reply). A dialect reads the request into `ask`, and writes `answer` in its own words into `reply`. */
#ifndef LOOPBACK_EXCHANGE_H
#define LOOPBACK_EXCHANGE_H
#include "behave.h"
#include "http.h"
#include "json.h"

enum { MAX_TOOLS = 64, MAX_CALLS = 16, MAX_STOPS = 8 };
enum { CHOICE_AUTO, CHOICE_NONE, CHOICE_REQUIRED, CHOICE_NAMED };
enum { FINISH_STOP, FINISH_LENGTH, FINISH_CALLS, FINISH_STOP_SEQUENCE, FINISH_REFUSAL };

typedef struct { const char *name; const json *schema; } tool;
typedef struct ask {
    const char *model;
    int stream, include_usage, think, choices;
    buf user;                       /* text of the last user message, commands taken out                         */
    buf result; int has_result;     /* text of the tool results, when the conversation ends with them            */
    long words_in; int images;
    tool tools[MAX_TOOLS]; int ntools, choice; const char *chosen;
    int want_json; const json *schema;
    long max_tokens;                /* 0: no limit; the server counts words                                      */
    const char *stops[MAX_STOPS]; int nstops;
} ask;

typedef struct { buf text; size_t *end; int n; } pieces;                 /* end[i]: where piece i ends             */
typedef struct { char id[40]; const char *name; buf args; } call;
typedef struct answer {
    pieces text, reasoning;
    call calls[MAX_CALLS]; int ncalls;
    int finish; const char *stop_hit;
    long in, cached, out, out_reasoning;                                 /* tokens, that is words                  */
} answer;

typedef struct { size_t end; long wait; } mark;                          /* bytes up to here; us before they go    */
typedef struct reply {
    int status; const char *type; int streaming;
    buf head;                       /* more header lines, each with CR LF */
    buf body;
    mark *marks; int nmarks, capmarks;
    int loop_from;                  /* first mark that is repeated for ever; -1 none */
} reply;

struct exchange;
typedef struct dialect {
    const char *name, *stream_type;
    int (*auth)(struct exchange *);                                      /* 0: an error was written                */
    int (*read)(struct exchange *);                                      /* the same                               */
    void (*unary)(struct exchange *);
    void (*stream)(struct exchange *);
    void (*stream_error)(struct exchange *);
    void (*error)(struct exchange *, int status, const char *param, const char *code, const char *message);
} dialect;
typedef struct exchange {
    arena mem;
    request req;
    behave b;
    char path[2048];                /* without the behaviours and the query */
    int tls;                        /* asked over TLS */
    const dialect *how;
    const json *body;
    unsigned long number;           /* of the request, from 1 */
    ask ask;
    answer answer;
    reply reply;
} exchange;

/* ---- the reply's body ----------------------------------------------------------------------------------------- */
static void mark_after(exchange *x, long wait) {
    reply *r = &x->reply;
    if (r->nmarks == r->capmarks) { r->capmarks = r->capmarks ? r->capmarks * 2 : 16; r->marks = (mark *)grab(r->marks, (size_t)r->capmarks * sizeof *r->marks); }
    r->marks[r->nmarks].end = r->body.n;
    r->marks[r->nmarks++].wait = wait;
}
/* ends an event: the next one comes d microseconds later; b of them go in one tick */
static void event_end(exchange *x) {
    long tick = x->b.b > 0 ? x->b.b : 1;
    mark_after(x, x->reply.nmarks && x->reply.nmarks % tick == 0 && x->b.d > 0 ? x->b.d : 0);
}
static void add_header(exchange *x, const char *f, ...) {
    va_list ap;
    va_start(ap, f);
    say_list(&x->reply.head, f, ap);
    va_end(ap);
    put_text(&x->reply.head, "\r\n");
}
static void start_reply(exchange *x, int status, const char *type) {
    reply *r = &x->reply;
    r->status = status; r->type = type; r->streaming = 0; r->nmarks = 0;
    r->body.n = 0;
    r->body.ascii = x->b.escape;
}
/* writes an error in the dialect's form; always 0, so that a reader can return it */
static int fail(exchange *x, int status, const char *param, const char *code, const char *f, ...) {
    buf m = { 0 };
    va_list ap;
    va_start(ap, f);
    say_list(&m, f, ap);
    va_end(ap);
    x->how->error(x, status, param, x->b.code[0] ? x->b.code : code, text_of(&m));
    buf_free(&m);
    return 0;
}
static void exchange_free(exchange *x) {
    buf_free(&x->ask.user); buf_free(&x->ask.result);
    buf_free(&x->answer.text.text); free(x->answer.text.end);
    buf_free(&x->answer.reasoning.text); free(x->answer.reasoning.end);
    for (int i = 0; i < x->answer.ncalls; i++) buf_free(&x->answer.calls[i].args);
    buf_free(&x->reply.head); buf_free(&x->reply.body); free(x->reply.marks);
    arena_free(&x->mem);
}

/* ---- what several dialects check in the same way -------------------------------------------------------------- */
static const char *bearer_of(const exchange *x) {                        /* NULL: none, or of another kind */
    const char *s = header(&x->req, "authorization");
    return s && strlen(s) > 7 && same_word(s, 7, "Bearer ") ? s + 7 : NULL;
}
static int is_bad_key(const char *key) { return !strcmp(key, "invalid") || !strcmp(key, "sk-invalid") || !strcmp(key, "bad-key"); }
static int is_json_type(const exchange *x) {
    const char *s = header(&x->req, "content-type");
    return s && strlen(s) >= 16 && same_word(s, 16, "application/json") && (!s[16] || s[16] == ';' || s[16] == ' ');
}
static int is_known(const char *const *names, const char *s, size_t n) {
    for (; *names; names++) if (strlen(*names) == n && !memcmp(*names, s, n)) return 1;
    return 0;
}
static int is_name(const char *s, size_t n, size_t most) {               /* what tools and schemas may be called */
    for (size_t i = 0; i < n; i++) { int c = lower((unsigned char)s[i]); if (!((c >= 'a' && c <= 'z') || is_digit((char)c) || c == '_' || c == '-')) return 0; }
    return n > 0 && n <= most;
}
static int is_base64(const char *s, size_t n) {
    size_t k = 0, pad = 0;
    for (; k < n; k++) {
        int c = lower((unsigned char)s[k]);
        if (s[k] == '=') { pad++; continue; }
        if (pad || !((c >= 'a' && c <= 'z') || is_digit((char)c) || c == '+' || c == '/')) return 0;
    }
    return n > 0 && n % 4 == 0 && pad <= 2;
}
static int is_missing_model(const char *m) { return strstr(m, "nonexistent") || strstr(m, "no-such-model") || strstr(m, "does-not-exist"); }
static void heard(ask *a, buf *to, const json *text) {                   /* a text of the conversation: counted, kept if asked */
    if (!is_kind(text, J_STRING)) return;
    a->words_in += count_words(text->s, text->n);
    if (!to) return;
    if (to->n) put_char(to, '\n');
    put(to, text->s, text->n);
}
static int has_word(const buf *t, const char *word) {
    size_t k = strlen(word);
    for (size_t i = 0; k <= t->n && i <= t->n - k; i++) {
        int before = i ? lower((unsigned char)t->p[i - 1]) : ' ', after = i + k < t->n ? lower((unsigned char)t->p[i + k]) : ' ';
        if (same_word(t->p + i, k, word) && !(before >= 'a' && before <= 'z') && !(after >= 'a' && after <= 'z')) return 1;
    }
    return 0;
}
#endif
