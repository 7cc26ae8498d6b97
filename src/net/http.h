/* Our own HTTP client: one reply decoder and one pool of connections over any byte stream. One connection carries one exchange at a time
   (HTTP/1.1 without pipelining) and is kept for the next. Whatever could be started at once is; the rest waits its turn, first come first served.

   A callback of the engine may cancel any exchange, the one being fed too, or start new ones. So a connection in use is only marked when it
   dies (LLMFI_CONN_DEAD) and freed by whoever uses it, and `start` never does more than choose a connection: the work is done in tick. */
#ifndef LLMFI_NET_HTTP_H
#define LLMFI_NET_HTTP_H
#include "stream.h"
#include "../base/clock.h"
#include "../wire/http1.h"

/* One read buffer's worth after the other is taken from one connection this often before the others have their turn. */
#define LLMFI_HTTP_READS 16
/* A connection idle for longer than this is looked at before it is used again, in nanoseconds. */
#define LLMFI_HTTP_STALE_NS 1000000000u

enum {
    LLMFI_CONN_DIAL = 0,                     /* being connected */
    LLMFI_CONN_START = 1,                    /* has an exchange, of which nothing was sent */
    LLMFI_CONN_BUSY = 2,
    LLMFI_CONN_IDLE = 3,
    LLMFI_CONN_DEAD = 4,                     /* closed; in no list */
    LLMFI_CONN_LISTS = 4
};

typedef struct llmfi_http llmfi_http;

typedef struct llmfi_conn {
    llmfi_watcher watch;                     /* first: the watcher is the connection */
    llmfi_http *http;
    struct llmfi_conn *next, *prev;          /* of the list of its state */
    llmf_exchange *x;                        /* NULL: idle, or cancelled */
    void *stream;
    char *host;                              /* behind this struct, with a NUL */
    uint64_t body_left;                      /* of the request, not yet fetched from the engine */
    uint64_t idle_ns;                        /* since when */
    unsigned serial;                         /* counts the exchanges: another one may stand at the same address */
    int state, port;
    bool tls;
    bool used;                               /* served an exchange before */
    bool sending, broken;                    /* broken: a write failed, only the reply is of interest */
    bool paused;                             /* the call has enough for now */
    bool again;                              /* was left with more to read */
    bool in_use;                             /* some function up the stack works on it */
    size_t out_at, rest_at, rest_body;       /* in `out`; in `rest`: from there on, the first rest_body bytes of it decoded */
    llmf_str authority, target;              /* of x's URL */
    llmfi_buf out;                           /* bytes that a write did not take */
    llmfi_buf rest;                          /* what came while the call wanted no more */
    llmfi_http1 reply;
} llmfi_conn;

typedef struct llmfi_conns {
    llmfi_conn *first, *last;
    size_t count;
} llmfi_conns;

struct llmfi_http {
    llmfi_transport t;                       /* first: the transport is the client */
    llmfi_stream stream;
#if LLMF_HAS_BEARSSL
    llmfi_stream secure;                     /* for https */
#endif
    llmfi_conns list[LLMFI_CONN_LISTS];
    size_t count, most, most_idle;           /* connections there are, and may be */
    size_t blind;                            /* connections without a descriptor: looked after in each tick */
    llmf_exchange *first, *last;             /* those that wait for a connection; state: NULL, or the client itself: wants a fresh one */
    llmfi_url_last url;
    uint64_t now_ns;                         /* of the last tick */
    bool work;                               /* something may be started */
    bool again;                              /* some connection was left with more to read */
};

/* What carries a connection. */
#if LLMF_HAS_BEARSSL
#define LLMFI_HTTP_STREAM(h, is_tls) ((is_tls) ? &(h)->secure : &(h)->stream)
#else
#define LLMFI_HTTP_STREAM(h, is_tls) (&(h)->stream)
#endif
#define LLMFI_CONN_STREAM(c) LLMFI_HTTP_STREAM((c)->http, (c)->tls)

static void llmfi_conn_pump(llmfi_conn *c, int events);

/* ---- lists ---- */

static void llmfi_conn_leave(llmfi_conn *c) {
    llmfi_conns *l = &c->http->list[c->state];
    if (c->prev) c->prev->next = c->next;
    else l->first = c->next;
    if (c->next) c->next->prev = c->prev;
    else l->last = c->prev;
    l->count--;
}

static LLMFI_SHORT void llmfi_conn_join(llmfi_conn *c, int state) {
    llmfi_conns *l = &c->http->list[state];
    c->state = state;
    c->next = NULL;
    c->prev = l->last;
    if (l->last) l->last->next = c;
    else l->first = c;
    l->last = c;
    l->count++;
}

static void llmfi_conn_move(llmfi_conn *c, int state) {
    llmfi_conn_leave(c);
    llmfi_conn_join(c, state);
}

static LLMFI_SHORT void llmfi_http_unqueue(llmfi_http *h, llmf_exchange *x) {
    if (x->prev) x->prev->next = x->next;
    else h->first = x->next;
    if (x->next) x->next->prev = x->prev;
    else h->last = x->prev;
    x->next = x->prev = NULL;
}

static void llmfi_http_queue(llmfi_http *h, llmf_exchange *x) {
    x->next = NULL;
    x->prev = h->last;
    if (h->last) h->last->next = x;
    else h->first = x;
    h->last = x;
}

static void llmfi_http_queue_front(llmfi_http *h, llmf_exchange *x) {
    x->prev = NULL;
    x->next = h->first;
    if (h->first) h->first->prev = x;
    else h->last = x;
    h->first = x;
}

/* ---- the life of a connection ---- */

static void llmfi_conn_free(llmfi_conn *c) {
    llmfi_heap_free(c->http->t.net->heap, c);
}

/* Whoever works on a connection says so, and hears afterwards whether it is still there. */
static bool llmfi_conn_release(llmfi_conn *c, bool was) {
    c->in_use = was;
    if (c->state != LLMFI_CONN_DEAD) return true;
    if (!was) llmfi_conn_free(c);
    return false;
}

/* The key was in it. */
static void llmfi_conn_sent(llmfi_conn *c) {
    if (c->out.ptr) memset(c->out.ptr, 0, c->out.cap);
    llmfi_buf_free(&c->out);
}

static void llmfi_conn_forget_exchange(llmfi_conn *c) {
    if (c->x) c->x->state = NULL;
    c->x = NULL;
    c->serial++;
    llmfi_http1_free(&c->reply);
    llmfi_conn_sent(c);
    llmfi_buf_free(&c->rest);
    c->out_at = c->rest_at = c->rest_body = 0;
    c->body_left = 0;
    c->sending = c->broken = c->paused = c->again = false;
}

static void llmfi_conn_close(llmfi_conn *c) {
    llmfi_http *h = c->http;
    const llmfi_stream *by = LLMFI_HTTP_STREAM(h, c->tls);
    if (c->state == LLMFI_CONN_DEAD) return;
    llmfi_conn_forget_exchange(c);
    llmfi_watch_remove(h->t.net->watch, &c->watch);
    if (c->watch.fd == -1) h->blind--;
    if (c->stream) by->ops.close(by->ops.user, c->stream);
    c->stream = NULL;
    llmfi_conn_leave(c);
    c->state = LLMFI_CONN_DEAD;
    h->count--;
    h->work = true;
    if (!c->in_use) llmfi_conn_free(c);
}

/* Watches the stream's descriptor for what the stream wants it for. `want` is what we do. */
static void llmfi_conn_watch(llmfi_conn *c, int want) {
    llmfi_http *h = c->http;
    const llmfi_stream *by = LLMFI_HTTP_STREAM(h, c->tls);
    llmfi_watch *watch = h->t.net->watch;
    intptr_t fd = -1;
    int events = want;
    if (by->ops.fd) fd = by->ops.fd(by->ops.user, c->stream, &events);
    if (fd < 0) fd = -1;
    if (fd != c->watch.fd) {
        llmfi_watch_remove(watch, &c->watch);
        h->blind = h->blind + (fd == -1) - (c->watch.fd == -1);
        c->watch.fd = fd;
    }
    if (fd == -1 || llmfi_watch_set(watch, &c->watch, want ? events : 0)) return;
    llmfi_watch_remove(watch, &c->watch);
    c->watch.fd = -1; /* the system has no room for it: poll often instead */
    h->blind++;
}

static void llmfi_conn_ready(llmfi_watcher *w, int events) {
    llmfi_conn *c = (llmfi_conn *)(void *)w;
    if (!c->in_use) llmfi_conn_pump(c, events);
}

/* A connection in the making; NULL: no memory. */
static llmfi_conn *llmfi_conn_new(llmfi_http *h, const llmfi_url *url) {
    llmfi_conn *c = (llmfi_conn *)llmfi_heap_alloc(h->t.net->heap, sizeof *c + url->host.len + 1);
    if (!c) return NULL;
    memset(c, 0, sizeof *c);
    c->http = h;
    c->host = (char *)(void *)(c + 1);
    memcpy(c->host, url->host.ptr, url->host.len);
    c->host[url->host.len] = '\0';
    c->port = url->port;
    c->tls = LLMFI_NAMED(url->scheme, "https");
    c->watch.fd = -1;
    c->watch.ready = llmfi_conn_ready;
    llmfi_buf_init(&c->out, h->t.net->heap, 0);
    llmfi_buf_init(&c->rest, h->t.net->heap, 0);
    llmfi_buf_init(&c->reply.line, h->t.net->heap, 0);
    llmfi_conn_join(c, LLMFI_CONN_DIAL);
    h->count++;
    h->blind++;
    return c;
}

/* ---- how an exchange ends ---- */

static void llmfi_conn_where(const llmfi_conn *c, llmfi_text *t) {
    llmfi_say_c(t, c->host);
    LLMFI_SAY(t, ":");
    llmfi_say_int(t, c->port);
    LLMFI_SAY(t, ": ");
}

/* Ends the exchange and the connection. */
static LLMFI_COLD void llmfi_conn_fail(llmfi_conn *c, int result, const char *what, bool ask_stream) {
    llmf_exchange *x = c->x;
    llmfi_stream *s = LLMFI_CONN_STREAM(c);
    char text[256];
    llmfi_text t = llmfi_text_in(text, sizeof text);
    size_t before;
    llmfi_conn_where(c, &t);
    llmfi_say_c(&t, what);
    before = t.len;
    if (ask_stream && *what) LLMFI_SAY(&t, ": ");
    if (ask_stream && s->why && c->stream) s->why(s->ops.user, c->stream, &t);
    if (ask_stream && *what && t.len == before + 2) text[before] = '\0';
    llmfi_conn_close(c);
    if (x) llmf_exchange_end(x, result, text);
}
#if !LLMF_HAS_STRINGS
#define llmfi_conn_fail(c, result, what, ask_stream) ((void)(what), llmfi_conn_fail((c), (result), "", (ask_stream)))
#endif

/* The reply is whole. */
static void llmfi_conn_complete(llmfi_conn *c) {
    llmfi_http *h = c->http;
    llmf_exchange *x = c->x;
    if (c->reply.keep_alive && !c->sending && !c->broken && h->most_idle) {
        llmfi_conn_forget_exchange(c);
        c->used = true;
        c->idle_ns = llmfi_net_moment(h->t.net);
        llmfi_conn_move(c, LLMFI_CONN_IDLE);
        h->work = true;
    } else {
        llmfi_conn_close(c);
    }
    llmf_exchange_end(x, LLMF_OK, NULL);
}

/* A kept connection that died before it said anything: the server had closed it meanwhile. Once more, on a fresh one. */
static void llmfi_conn_retry(llmfi_conn *c) {
    llmfi_http *h = c->http;
    llmf_exchange *x = c->x;
    llmfi_conn_close(c);
    llmf_exchange_rewind(x);
    x->state = h;
    llmfi_http_queue_front(h, x);
}

/* The stream has ended: got is LLMF_STREAM_END or minus an llmf_result. */
static void llmfi_conn_ended(llmfi_conn *c, int got) {
    if (got == LLMF_STREAM_END && llmfi_http1_end(&c->reply) == LLMFI_HTTP1_DONE) {
        llmfi_conn_complete(c);
    } else if (!c->reply.at && c->used) {
        llmfi_conn_retry(c);
    } else if (!c->reply.at) {
        llmfi_conn_fail(c, got == LLMF_STREAM_END ? LLMF_ERR_NETWORK : -got, "the connection ended before a reply came", got != LLMF_STREAM_END || c->broken);
    } else {
        llmfi_conn_fail(c, -got == LLMF_ERR_TLS || -got == LLMF_ERR_MEMORY ? -got : LLMF_ERR_TRUNCATED, "the connection ended within the reply", got != LLMF_STREAM_END);
    }
}

static void llmfi_conn_malformed(llmfi_conn *c) {
    int error = c->reply.error;
    llmfi_conn_fail(c, error == LLMFI_WIRE_MEMORY ? LLMF_ERR_MEMORY : error == LLMFI_WIRE_LIMIT ? LLMF_ERR_LIMIT : LLMF_ERR_PROTOCOL, c->reply.what, false);
}

/* ---- sending ---- */

/* The shared buffer as an llmfi_buf that cannot grow. */
static llmfi_buf llmfi_http_shared(const llmfi_net *net) {
    llmfi_buf b;
    llmfi_buf_init(&b, net->heap, 0);
    b.ptr = net->recv;
    b.cap = b.limit = net->desc->recv_size;
    return b;
}

/* Fills the buffer up from the request's body. False: the exchange has ended. */
static bool llmfi_conn_fill(llmfi_conn *c, llmfi_buf *b) {
    unsigned serial = c->serial;
    while (c->body_left && b->len < b->cap) {
        size_t room = b->cap - b->len, n;
        if (room > c->body_left) room = (size_t)c->body_left;
        n = llmf_exchange_read(c->x, b->ptr + b->len, room);
        if (c->serial != serial) return false;
        if (!n || n > room) {
            llmfi_conn_fail(c, LLMF_ERR_ARGUMENT, "the request's body is shorter than was announced", false);
            return false;
        }
        b->len += n;
        c->body_left -= n;
    }
    return true;
}

/* Writes; what is not taken at once waits in c->out. False: the exchange has ended. */
static bool llmfi_conn_write(llmfi_conn *c, const char *bytes, size_t len) {
    llmf_stream_ops *ops = &LLMFI_CONN_STREAM(c)->ops;
    size_t at = 0;
    while (at < len) {
        size_t piece = len - at < INT32_MAX ? len - at : INT32_MAX;
        int n = ops->write(ops->user, c->stream, bytes + at, piece);
        if (n < 0) {
            c->broken = true;
            c->sending = false;
            c->body_left = 0;
            return true; /* a server that refuses a body answers first and then closes: read on */
        }
        if (n == 0) break;
        at += (size_t)n;
        if ((size_t)n < piece) break;
    }
    if (at < len && !llmfi_buf_add(&c->out, bytes + at, len - at)) {
        llmfi_conn_fail(c, LLMF_ERR_MEMORY, "no memory for what is to be sent: raise memory_size", false);
        return false;
    }
    return true;
}

/* Writes what an earlier write left over: true when nothing of it remains. */
static bool llmfi_conn_flush(llmfi_conn *c) {
    llmf_stream_ops *ops = &LLMFI_CONN_STREAM(c)->ops;
    while (c->out_at < c->out.len) {
        int n = ops->write(ops->user, c->stream, c->out.ptr + c->out_at, c->out.len - c->out_at);
        if (n < 0) {
            c->broken = true;
            c->body_left = 0;
            break;
        }
        if (n == 0) return false;
        c->out_at += (size_t)n;
    }
    llmfi_conn_sent(c);
    c->out_at = 0;
    return true;
}

/* Sends until nothing is left or the stream takes no more. False: the exchange has ended. */
static bool llmfi_conn_send(llmfi_conn *c) {
    while (c->sending) {
        llmfi_buf b = llmfi_http_shared(c->http->t.net);
        if (!llmfi_conn_flush(c)) return true;
        if (!c->body_left) {
            c->sending = false;
            return true;
        }
        if (!llmfi_conn_fill(c, &b) || !llmfi_conn_write(c, b.ptr, b.len)) return false;
    }
    return true;
}

/* The head, and as much of the body as fits behind it, in one write. The exchange may have ended afterwards. */
static void llmfi_conn_request(llmfi_conn *c) {
    llmf_exchange *x = c->x;
    llmfi_net *net = c->http->t.net;
    llmfi_buf b = llmfi_http_shared(net);
    llmfi_http1_request r;
    const char *what;
    char root[1024]; /* a query needs a path before it */
    size_t head;
    int error;
    memset(&r, 0, sizeof r);
    r.method = x->req.method;
    r.target = c->target;
    if ((!c->target.len || c->target.ptr[0] != '/') && c->target.len < sizeof root) {
        root[0] = '/';
        if (c->target.len) memcpy(root + 1, c->target.ptr, c->target.len);
        r.target = llmfi_str(root, c->target.len + 1);
    }
    r.host = c->authority;
    r.headers = x->req.headers;
    r.header_count = x->req.header_count;
    r.checked = x->checked;
    r.content_length = c->body_left = x->req.body_len;
    r.has_body = x->req.body_len || !(LLMFI_IS(r.method, "GET") || LLMFI_IS(r.method, "HEAD"));
    llmfi_http1_init(&c->reply, net->heap, LLMFI_IS(r.method, "HEAD"), 0, net->desc->max_response);
#if !LLMFI_SMALL
    llmfi_http1_want(&c->reply, llmfi_shapes_of(x, 200));
#endif
    c->sending = true;
    error = llmfi_http1_write_head(&b, &r, &what);
    if (error == LLMFI_WIRE_MEMORY) error = llmfi_http1_write_head(&c->out, &r, &what); /* longer than the shared buffer */
    head = b.len;
    if (error) llmfi_conn_fail(c, error == LLMFI_WIRE_BAD ? LLMF_ERR_ARGUMENT : LLMF_ERR_MEMORY, what, false);
    else if (!b.len || (llmfi_conn_fill(c, &b) && llmfi_conn_write(c, b.ptr, b.len))) (void)llmfi_conn_send(c);
    memset(net->recv, 0, head); /* the key was in it */
}

/* ---- receiving ---- */

/* The call took all but `body`, behind which `in` follows: keeps both. The exchange may have ended afterwards. */
static void llmfi_conn_hold(llmfi_conn *c, llmf_str body, llmf_str in) {
    const char *end = in.len ? in.ptr + in.len : body.ptr + body.len;
    c->paused = true;
    c->rest_body = body.len;
    if (c->rest.ptr && body.ptr >= c->rest.ptr && body.ptr < c->rest.ptr + c->rest.cap) {
        c->rest_at = (size_t)(body.ptr - c->rest.ptr);
        return;
    }
    c->rest_at = 0;
    if (!llmfi_buf_add(&c->rest, body.ptr, (size_t)(end - body.ptr)))
        llmfi_conn_fail(c, LLMF_ERR_MEMORY, "no memory for what the call has not yet taken: raise memory_size", false);
}

/* One item of the reply handed on. False: there is nothing more to do with this input. */
static LLMFI_SHORT bool llmfi_conn_item(llmfi_conn *c, int item, llmf_str in) {
    llmf_exchange *x = c->x;
    llmfi_http1 *r = &c->reply;
    unsigned serial = c->serial;
    size_t taken;
    switch (item) {
    case LLMFI_HTTP1_STATUS:
#if !LLMFI_SMALL
        llmfi_http1_want(r, llmfi_shapes_of(x, r->status));
#endif
        llmf_exchange_status(x, r->status);
        break;
    case LLMFI_HTTP1_HEADER:
        if (LLMFI_NAMED(r->name, "content-encoding") && r->value.len && !LLMFI_NAMED(r->value, "identity")) {
            llmfi_conn_fail(c, LLMF_ERR_PROTOCOL, "the reply is compressed, which was not asked for", false);
            return false;
        }
        llmf_exchange_header(x, r->name, r->value);
        break;
    case LLMFI_HTTP1_BODY: {
        llmf_str body = r->body;
        taken = llmf_exchange_data(x, body.ptr, body.len);
        if (c->serial == serial && taken < body.len) llmfi_conn_hold(c, llmfi_from(body, taken), in);
        return c->serial == serial && !c->paused;
    }
    case LLMFI_HTTP1_HEADERS_END:
    case LLMFI_HTTP1_TRAILER: break;
    case LLMFI_HTTP1_DONE:
        if (in.len) r->keep_alive = false; /* nobody asked for what follows: it must not be taken for the next reply */
        llmfi_conn_complete(c);
        return false;
    default: llmfi_conn_malformed(c); return false;
    }
    return c->serial == serial;
}

static void llmfi_conn_feed(llmfi_conn *c, llmf_str in) {
    int item;
    do item = llmfi_http1_next(&c->reply, &in);
    while (item != LLMFI_HTTP1_MORE && llmfi_conn_item(c, item, in));
}

/* Reads what there is. */
static void llmfi_conn_receive(llmfi_conn *c) {
    llmfi_http *h = c->http;
    const llmfi_stream *by = LLMFI_HTTP_STREAM(h, c->tls);
    llmfi_net *net = h->t.net;
    llmfi_buf b = llmfi_http_shared(net);
    unsigned serial = c->serial;
    int reads;
    for (reads = 0; reads < LLMFI_HTTP_READS; reads++) {
        int n = by->ops.read(by->ops.user, c->stream, b.ptr, b.cap);
        if (n < 0) llmfi_conn_ended(c, n);
        if (n == 0 && c->broken) llmfi_conn_ended(c, -LLMF_ERR_NETWORK);
        if (n <= 0) return;
        llmfi_conn_feed(c, llmfi_str(b.ptr, (size_t)n));
        if (c->serial != serial || c->paused || (by->short_is_dry && (size_t)n < b.cap)) return;
        if (llmfi_slice_over(net)) break;
    }
    c->again = h->again = true;
}

/* ---- the work on one connection ---- */

/* Further with connecting. True: it stands. */
static bool llmfi_conn_dial(llmfi_conn *c) {
    llmfi_http *h = c->http;
    const llmfi_stream *by = LLMFI_HTTP_STREAM(h, c->tls);
    const llmf_stream_ops *ops = &by->ops;
    int got;
    llmfi_watch_remove(h->t.net->watch, &c->watch); /* the stream may close it and open another of the same number */
    if (!c->stream) c->stream = ops->open(ops->user, c->host, c->port, c->tls);
    if (!c->stream) {
        llmfi_conn_fail(c, by->open_error, by->open_error == LLMF_ERR_MEMORY ? "no memory for a connection: raise memory_size" : "no stream could be opened", false);
        return false;
    }
    got = ops->ready ? ops->ready(ops->user, c->stream) : 1;
    if (got < 0) {
        llmfi_conn_fail(c, -got, "connect", true);
        return false;
    }
    if (got) {
        llmfi_conn_move(c, LLMFI_CONN_START);
        return true;
    }
    if (c->x->deadline_ns && h->t.net->now_ns(h->t.net) >= c->x->deadline_ns) {
        llmfi_conn_fail(c, LLMF_ERR_TIMEOUT, "connect: the time set for it (connect_ms) is over", false);
        return false;
    }
    llmfi_conn_watch(c, LLMF_FD_WRITE);
    return false;
}

/* The first bytes of an exchange. The exchange may have ended afterwards. */
static void llmfi_conn_begin(llmfi_conn *c) {
    unsigned serial = c->serial;
    llmfi_conn_move(c, LLMFI_CONN_BUSY);
    llmfi_exchange_connected(c->x);
    if (c->serial == serial) llmfi_conn_request(c);
}

static void llmfi_conn_work(llmfi_conn *c, int events) {
    unsigned serial = c->serial;
    if (c->state == LLMFI_CONN_IDLE) {
        llmfi_conn_close(c); /* nobody asked: the server has closed it, or is mad */
        return;
    }
    if (c->state == LLMFI_CONN_DIAL && !llmfi_conn_dial(c)) return;
    if (c->state == LLMFI_CONN_START) {
        llmfi_conn_begin(c);
        events = 0;
    }
    if (c->serial != serial) return;
    if ((events & LLMF_FD_WRITE) && c->sending && !llmfi_conn_send(c)) return;
    if (((events & LLMF_FD_READ) || c->broken) && !c->paused) llmfi_conn_receive(c);
}

/* Works on c and leaves it watched for what it needs next; c may be gone afterwards. */
static void llmfi_conn_pump(llmfi_conn *c, int events) {
    bool was = c->in_use;
    c->in_use = true;
    c->again = false;
    if (!LLMFI_CONN_STREAM(c)->short_is_dry) events = LLMF_FD_READ | LLMF_FD_WRITE; /* what a descriptor is ready for need not be what the stream is */
    llmfi_conn_work(c, events);
    if (!llmfi_conn_release(c, was) || c->state == LLMFI_CONN_DIAL) return;
    llmfi_conn_watch(c, (c->paused ? 0 : LLMF_FD_READ) | (c->sending ? LLMF_FD_WRITE : 0));
}

/* ---- choosing a connection ---- */

/* A kept connection to the same server, the one used last first. */
static llmfi_conn *llmfi_http_kept(llmfi_http *h, const llmfi_url *url) {
    bool tls = LLMFI_NAMED(url->scheme, "https");
    llmf_stream_ops *ops = &LLMFI_HTTP_STREAM(h, tls)->ops;
    llmfi_conn *c, *before;
    for (c = h->list[LLMFI_CONN_IDLE].last; c; c = before) {
        char byte;
        before = c->prev;
        if (c->port != url->port || c->tls != tls || !llmfi_eq_nocase(llmfi_cstr(c->host), url->host)) continue;
        if (h->now_ns - c->idle_ns < LLMFI_HTTP_STALE_NS || ops->read(ops->user, c->stream, &byte, 1) == 0) return c;
        llmfi_conn_close(c);
    }
    return NULL;
}

/* Gives x a connection: LLMF_OK. Or -1: it must wait; or why it cannot. */
static int llmfi_http_place(llmfi_http *h, llmf_exchange *x) {
    const llmfi_url *url = llmfi_url_again(&h->url, x->req.url);
    llmfi_conn *c;
    bool fresh = x->state == h;
    if (!url) {
        h->t.why = LLMFI_WORDS("the URL is not one that begins with http:// or https://");
        return LLMF_ERR_ARGUMENT;
    }
    if (!LLMFI_HTTP_STREAM(h, true)->tls && LLMFI_NAMED(url->scheme, "https")) {
        h->t.why = LLMFI_WORDS("the transport \"socket\" has no TLS: for https:// set transport to \"curl\" (LLMF_NO_CURL must not be set), build with LLMF_WITH_BEARSSL=1, or give a custom_stream");
        return LLMF_ERR_NOT_BUILT;
    }
    c = fresh ? NULL : llmfi_http_kept(h, url);
    if (!c && h->count >= h->most && h->list[LLMFI_CONN_IDLE].first) llmfi_conn_close(h->list[LLMFI_CONN_IDLE].first);
    if (!c && h->count >= h->most) return -1;
    if (!c) {
        c = llmfi_conn_new(h, url);
    } else {
        llmfi_conn_move(c, LLMFI_CONN_START);
    }
    h->t.why = LLMFI_WORDS("no memory for a connection: raise memory_size");
    if (!c) return LLMF_ERR_MEMORY;
    c->x = x;
    c->authority = llmfi_str(x->req.url.ptr + url->scheme.len + 3, url->authority.len); /* of x's own, which stays */
    c->target = llmfi_from(x->req.url, x->req.url.len - url->target.len);
    x->state = c;
    h->work = true;
    return LLMF_OK;
}

static int llmfi_http_start(llmfi_transport *t, llmf_exchange *x) {
    llmfi_http *h = (llmfi_http *)(void *)t;
    int got;
    x->state = NULL;
    h->now_ns = llmfi_net_moment(t->net);
    got = h->first ? -1 : llmfi_http_place(h, x);
    if (got >= 0) return got;
    llmfi_http_queue(h, x);
    h->work = true;
    return LLMF_OK;
}

static void llmfi_http_cancel(llmfi_transport *t, llmf_exchange *x) {
    llmfi_http *h = (llmfi_http *)(void *)t;
    void *state = x->state;
    x->state = NULL;
    if (state && state != (void *)h) llmfi_conn_close((llmfi_conn *)state);
    else llmfi_http_unqueue(h, x);
}

/* ---- each poll ---- */

/* Those that wait, in their order, as long as there are connections. What waited starts its time to connect anew. */
static void llmfi_http_advance(llmfi_http *h) {
    while (h->first) {
        llmf_exchange *x = h->first;
        int got = llmfi_http_place(h, x);
        if (got < 0) return;
        if (x->req.connect_timeout_ms > 0) x->deadline_ns = llmfi_after_ms(h->now_ns, x->req.connect_timeout_ms);
        llmfi_http_unqueue(h, x);
        if (got == LLMF_OK) continue;
        x->state = NULL;
        llmf_exchange_end(x, got, h->t.why);
    }
}

static bool llmfi_conn_due(const llmfi_conn *c) {
    const llmfi_stream *s = LLMFI_CONN_STREAM(c);
    return c->watch.fd == -1 || (c->x->deadline_ns && c->http->now_ns >= c->x->deadline_ns) || (s->wait_ms && s->wait_ms(s->ops.user, c->stream) == 0);
}

/* Every connection of a list that `due` names, once; a callback may close any of them meanwhile. False: the slice ended it. */
static bool llmfi_http_serve(llmfi_http *h, int state, bool (*due)(const llmfi_conn *)) {
    size_t n = h->list[state].count;
    while (n-- && h->list[state].first) {
        llmfi_conn *c = h->list[state].first;
        llmfi_conn_move(c, state);
        if (!due(c)) continue;
        llmfi_conn_pump(c, LLMF_FD_READ | LLMF_FD_WRITE);
        if (llmfi_slice_over(h->t.net)) return false;
    }
    return true;
}

static bool llmfi_conn_always(const llmfi_conn *c) {
    return !c->in_use;
}

static bool llmfi_conn_unwatched(const llmfi_conn *c) {
    return !c->paused && (c->again || c->watch.fd == -1);
}

static void llmfi_http_tick(llmfi_transport *t) {
    llmfi_http *h = (llmfi_http *)(void *)t;
    if (!h->again && !h->work && !h->blind && !h->list[LLMFI_CONN_DIAL].first) return;
    h->now_ns = llmfi_net_moment(t->net);
    if (h->again || (h->blind && h->list[LLMFI_CONN_BUSY].first)) {
        h->again = false;
        if (!llmfi_http_serve(h, LLMFI_CONN_BUSY, llmfi_conn_unwatched)) h->again = true;
    }
    if (h->work) {
        h->work = false;
        llmfi_http_advance(h);
        if (h->list[LLMFI_CONN_START].first) (void)llmfi_http_serve(h, LLMFI_CONN_START, llmfi_conn_always);
        while (h->list[LLMFI_CONN_IDLE].count > h->most_idle) llmfi_conn_close(h->list[LLMFI_CONN_IDLE].first);
    }
    if (h->list[LLMFI_CONN_DIAL].first) (void)llmfi_http_serve(h, LLMFI_CONN_DIAL, llmfi_conn_due);
}

/* The soonest of `ms` and what else the connection waits for. */
static int64_t llmfi_conn_wait_ms(const llmfi_conn *c, int64_t ms) {
    const llmfi_stream *s = LLMFI_CONN_STREAM(c);
    uint64_t now = c->http->now_ns, end = c->x->deadline_ns;
    int64_t mine = s->wait_ms && c->stream ? s->wait_ms(s->ops.user, c->stream) : -1;
    if (!c->stream) return 0;
    if (c->watch.fd == -1 && (mine < 0 || mine > 10)) mine = 10;
    if (mine >= 0 && (ms < 0 || mine < ms)) ms = mine;
    if (!end) return ms;
    mine = now >= end ? 0 : (int64_t)((end - now + 999999) / 1000000);
    return ms < 0 || mine < ms ? mine : ms;
}

static int64_t llmfi_http_wait_ms(llmfi_transport *t) {
    llmfi_http *h = (llmfi_http *)(void *)t;
    const llmfi_conn *c;
    int64_t ms = -1;
    if (h->list[LLMFI_CONN_START].first) h->work = true; /* the slice was over */
    if (h->work || h->again) return 0;
    if (h->blind && h->list[LLMFI_CONN_BUSY].first) ms = 1;
    for (c = h->list[LLMFI_CONN_DIAL].first; c && ms; c = c->next) ms = llmfi_conn_wait_ms(c, ms);
    return ms;
}

/* The call wants more: first what is kept for it. The rest of the reading is the next poll's. */
static void llmfi_http_resume(llmfi_transport *t, llmf_exchange *x) {
    llmfi_http *h = (llmfi_http *)(void *)t;
    llmfi_conn *c = x->state && x->state != (void *)h ? (llmfi_conn *)x->state : NULL;
    unsigned serial;
    if (!c || !c->paused || c->in_use) return;
    serial = c->serial;
    c->in_use = true;
    c->paused = false;
    while (c->rest_body && !c->paused) {
        size_t taken = llmf_exchange_data(x, c->rest.ptr + c->rest_at, c->rest_body);
        if (c->serial != serial) break;
        c->paused = taken < c->rest_body;
        if (taken > c->rest_body) taken = c->rest_body;
        c->rest_at += taken;
        c->rest_body -= taken;
    }
    if (c->serial == serial && !c->paused) llmfi_conn_feed(c, llmfi_from(llmfi_buf_str(&c->rest), c->rest_at));
    if (c->serial == serial && !c->paused) {
        llmfi_buf_free(&c->rest);
        c->rest_at = 0;
        if (!LLMFI_HTTP_STREAM(h, c->tls)->short_is_dry) c->again = h->again = true;
    }
    if (llmfi_conn_release(c, false)) llmfi_conn_watch(c, (c->paused ? 0 : LLMF_FD_READ) | (c->sending ? LLMF_FD_WRITE : 0));
}

static void llmfi_http_close(llmfi_transport *t) {
    llmfi_http *h = (llmfi_http *)(void *)t;
    int state;
    for (state = 0; state < LLMFI_CONN_LISTS; state++)
        while (h->list[state].first) llmfi_conn_close(h->list[state].first);
    llmfi_heap_free(t->net->heap, h);
}

/* A client over no stream yet: the caller sets h->stream. NULL: no memory. */
LLMFI_UNUSED static llmfi_http *llmfi_http_open(llmfi_net *net, const char *name) {
    static const llmfi_transport ours = {NULL, NULL, NULL, llmfi_http_start, llmfi_http_cancel, llmfi_http_resume, llmfi_http_tick, llmfi_http_wait_ms, llmfi_http_close};
    llmfi_http *h = (llmfi_http *)llmfi_heap_alloc(net->heap, sizeof *h);
    if (!h) return NULL;
    memset(h, 0, sizeof *h);
    h->t = ours;
    h->t.name = name;
    h->t.net = net;
    h->most = (size_t)net->desc->max_connections;
    h->most_idle = net->desc->max_idle > 0 ? (size_t)net->desc->max_idle : 0;
    return h;
}

#endif
