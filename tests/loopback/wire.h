/* wire.h - from a reply to bytes with times: head, framing, and the misbehaviour that is a matter of bytes. */
#ifndef LOOPBACK_WIRE_H
#define LOOPBACK_WIRE_H
#include "exchange.h"
#include <time.h>

enum { THEN_KEEP, THEN_CLOSE, THEN_CUT, THEN_RESET, THEN_HOLD };         /* CUT: closed without TLS close_notify */
enum { BY_LENGTH, BY_CHUNKS, BY_CLOSE };
typedef struct { size_t end; long wait; } slice;                         /* bytes up to here go `wait` us after those before */
typedef struct {
    buf out;
    slice *s; int n, cap;
    int loop_from;                  /* slice to go on with after the last one; -1 none */
    int then;
} wire;

static void wire_free(wire *w) { buf_free(&w->out); free(w->s); memset(w, 0, sizeof *w); }

/* what is in `out` so far goes `wait` after the slice before; without a wait it goes with that one */
static void slice_end(wire *w, long wait) {
    size_t before = w->n ? w->s[w->n - 1].end : 0;
    if (w->out.n == before) return;
    if (w->n && !wait && w->loop_from != w->n) { w->s[w->n - 1].end = w->out.n; return; }
    if (w->n == w->cap) { w->cap = w->cap ? w->cap * 2 : 8; w->s = (slice *)grab(w->s, (size_t)w->cap * sizeof *w->s); }
    w->s[w->n].end = w->out.n;
    w->s[w->n++].wait = wait;
}
static void slice_bytes(wire *w, long wait) {                            /* every byte from the last slice's end in its own send */
    size_t end = w->out.n;
    for (size_t i = w->n ? w->s[w->n - 1].end : 0; i < end; i++) { w->out.n = i + 1; slice_end(w, wait > 0 ? wait : 1); }
}

/* ---- the body before framing ---------------------------------------------------------------------------------- */
static void put_before(exchange *x, const char *s, size_t n) {           /* bytes before the body; the marks move on */
    buf *b = &x->reply.body;
    room(b, n);
    memmove(b->p + n, b->p, b->n);
    memcpy(b->p, s, n);
    b->n += n;
    for (int i = 0; i < x->reply.nmarks; i++) x->reply.marks[i].end += n;
}
/* rebuilds body and marks piece by piece: CR LF line ends, marks inside characters */
static void rewrite(exchange *x, int crlf, int split) {
    buf old = x->reply.body;
    mark *marks = x->reply.marks;
    int n = x->reply.nmarks;
    long wait = x->b.d > 0 ? x->b.d : 200;
    x->reply.marks = NULL; x->reply.nmarks = x->reply.capmarks = 0;
    memset(&x->reply.body, 0, sizeof x->reply.body);
    for (int i = 0; i < n; i++) {
        long first = marks[i].wait;
        for (size_t at = i ? marks[i - 1].end : 0; at < marks[i].end; at++) {
            if (crlf && old.p[at] == '\n') put_char(&x->reply.body, '\r');
            put_char(&x->reply.body, old.p[at]);
            if (!split || (unsigned char)old.p[at] < 0xC2) continue;
            mark_after(x, first);
            first = wait;
        }
        mark_after(x, first);
    }
    buf_free(&old); free(marks);
}
static void put_comments(exchange *x) {                                  /* before the answer, or instead of it for ever */
    static const char comment[] = ": keep-alive\n\n", blank[] = "\n";
    const int sse = strstr(x->reply.type, "event-stream") != NULL;
    const char *s = sse ? comment : blank;
    const size_t n = strlen(s);
    const long count = x->b.comments == -2 ? 2 : x->b.comments;
    reply *r = &x->reply;
    if (x->b.comments == -2) { r->body.n = 0; r->nmarks = 0; }
    for (long i = 0; i < count; i++) {
        put_before(x, s, n);
        mark_after(x, 0);
        memmove(r->marks + 1, r->marks, (size_t)(r->nmarks - 1) * sizeof *r->marks);
        r->marks[0].end = n; r->marks[0].wait = 50000;
    }
    if (count && count < r->nmarks) r->marks[count].wait = 50000;
    if (count) r->marks[0].wait = 0;
    if (x->b.comments == -2) r->loop_from = 1;
}
static void spoil_body(exchange *x) {
    behave *b = &x->b;
    if (!x->reply.nmarks) mark_after(x, 0);
    if (b->comments != -1) put_comments(x);
    if ((b->crlf && x->reply.streaming) || b->utf8_split) rewrite(x, b->crlf && x->reply.streaming, b->utf8_split);
    if (b->bom) put_before(x, "\xef\xbb\xbf", 3);
}

/* ---- the head ------------------------------------------------------------------------------------------------- */
static void put_filler(buf *o, long n, long line) {                      /* n bytes of headers */
    for (long i = 0; n > 0; i++, n -= line) {
        long k = n < line ? n : line;
        say(o, "x-filler-%d: ", i);
        for (long j = 16; j < k; j++) put_char(o, (char)('a' + j % 26));
        put_text(o, "\r\n");
    }
}
static void put_head(exchange *x, buf *o, int framing) {
    const reply *r = &x->reply;
    long n = (long)r->body.n + (x->b.length_more ? 100 : 0) - (x->b.length_less ? (r->body.n < 10 ? (long)r->body.n : 10) : 0);
    if (x->b.extra_1xx) put_text(o, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n");
    say(o, "HTTP/1.%s %d %s\r\nDate: Fri, 20 Nov 2026 12:00:00 GMT\r\nServer: loopback\r\nContent-Type: %s\r\n", x->b.http10 ? "0" : "1", (long)r->status, reason_of(r->status), r->type);
    if (framing == BY_LENGTH) say(o, "Content-Length: %d\r\n", n);
    if (framing == BY_CHUNKS) put_text(o, "Transfer-Encoding: chunked\r\n");
    if (framing == BY_CLOSE || !x->req.keep) put_text(o, "Connection: close\r\n"); else put_text(o, "Connection: keep-alive\r\n");
    if (x->b.trailers) put_text(o, "Trailer: x-checksum\r\n");
    if (x->b.gzip) put_text(o, "Content-Encoding: gzip\r\n");
    if (x->b.huge_headers >= 0) put_filler(o, x->b.huge_headers, 1000);
    if (x->b.huge_header >= 0) put_filler(o, x->b.huge_header, x->b.huge_header + 1);
    put(o, r->head.p, r->head.n);
    put_text(o, "\r\n");
}

/* ---- framing -------------------------------------------------------------------------------------------------- */
typedef struct { wire *w; int framing; size_t left; } framer;            /* left: body bytes that may still go */

static void put_chunk(framer *f, const char *s, size_t n) {              /* a chunk cut in the middle keeps its announced size */
    char size[24];
    size_t k = n < f->left ? n : f->left;
    if (!f->left) return;
    if (f->framing == BY_CHUNKS) { snprintf(size, sizeof size, "%zx\r\n", n); put_text(&f->w->out, size); }
    put(&f->w->out, s, k);
    f->left -= k;
    if (f->framing == BY_CHUNKS && k == n) put_text(&f->w->out, "\r\n");
}
static void put_body(exchange *x, framer *f) {
    const reply *r = &x->reply;
    for (int i = 0; i < r->nmarks && f->left; i++) {
        size_t at = i ? r->marks[i - 1].end : 0, end = r->marks[i].end;
        if (i == r->loop_from) { slice_end(f->w, 0); f->w->loop_from = f->w->n; }
        for (; x->b.chunk_1 && at < end; at++) put_chunk(f, r->body.p + at, 1);
        if (at < end) put_chunk(f, r->body.p + at, end - at);
        slice_end(f->w, i ? r->marks[i].wait : 0);
    }
    if (!f->left || f->framing != BY_CHUNKS || r->loop_from >= 0) return;
    put_text(&f->w->out, x->b.trailers ? "0\r\nx-checksum: 900150983cd24fb0\r\n\r\n" : "0\r\n\r\n");
    slice_end(f->w, 0);
}
/* how many bytes of the body go, and what comes then */
static size_t limit_of(const exchange *x, int *then) {
    const behave *b = &x->b;
    *then = THEN_KEEP;
    if (b->cut >= 0) { *then = THEN_CUT; return (size_t)b->cut; }
    if (b->rst >= 0) { *then = THEN_RESET; return (size_t)b->rst; }
    if (b->stall >= 0) { *then = THEN_HOLD; return (size_t)b->stall; }
    return (size_t)-1;
}
static int framing_of(const exchange *x) {
    const behave *b = &x->b;
    if (b->length_more || b->length_less) return BY_LENGTH;
    if (b->close || b->http10 || !x->req.minor) return BY_CLOSE;
    return x->reply.streaming || b->chunk_1 || b->trailers || b->comments != -1 ? BY_CHUNKS : BY_LENGTH;
}
/* the reply becomes the bytes of w and their times */
static void wire_build(exchange *x, wire *w) {
    framer f = { w, 0, 0 };
    memset(w, 0, sizeof *w);
    w->loop_from = -1;
    spoil_body(x);
    f.framing = framing_of(x);
    f.left = limit_of(x, &w->then);
    put_head(x, &w->out, f.framing);
    if (x->b.cut_head) { w->out.n = 40; w->then = THEN_CUT; slice_end(w, 0); return; }
    if (x->b.slow_head >= 0) slice_bytes(w, x->b.slow_head);
    if (x->b.drip >= 0) { put_body(x, &f); w->n = 0; w->loop_from = -1; slice_bytes(w, x->b.drip); }
    else put_body(x, &f);
    slice_end(w, 0);
    w->s[0].wait = x->b.f > 0 ? x->b.f : 0;
    if (w->then == THEN_KEEP && (f.framing == BY_CLOSE || !x->req.keep || x->b.length_more || x->b.length_less)) w->then = THEN_CLOSE;
}
#endif
