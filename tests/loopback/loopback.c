/* loopback.c - a test server that speaks the providers' protocols on 127.0.0.1 and ::1, and misbehaves on command.
 *
 * build   cc -std=c99 -O2 -o loopback loopback.c
 *         cc -std=c99 -O2 -DLOOPBACK_TLS -o loopback loopback.c -lssl -lcrypto
 * run     loopback [--port N] [--tls-port N --cert F --key F [--tls-max 1.2]] [--ready-fd N] [--until-eof] [--max-seconds N] [--help]
 *         port 0, the default, is any free one; "ready PORT [TLSPORT]" comes on stdout (or descriptor N) when it listens.
 *         It ends by SIGTERM or SIGINT, with --until-eof when its stdin ends, and by itself after --max-seconds (600).
 *
 * The answers are in answer.h, the behaviours in behave.h (--help lists them), the dialects in files of their own, the
 * routes in serve.h. GET /stats, GET /last (/last/K: K requests before), POST /reset are for the test program.
 * One thread: epoll, a heap of timers, every reply rendered once into a buffer with the times of its parts. */
#define _POSIX_C_SOURCE 200809L
#define _DEFAULT_SOURCE 1
#include "serve.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>
#ifdef LOOPBACK_TLS
#include <openssl/err.h>
#include <openssl/ssl.h>
#endif

/* ---- connections ---------------------------------------------------------------------------------------------- */
typedef struct conn {
    int fd;
    unsigned long number, served;
    char *in; size_t nin, capin;
    wire w; int busy;
    int at;                         /* slice to release next                    */
    size_t pos, lim;                /* bytes sent; bytes that may be sent now    */
    int want_out, held, closing;    /* held: sends nothing more; closing: at due */
    int heap_at;                    /* place in the heap of timers, -1 none      */
    uint64_t due;                   /* ns                                        */
#ifdef LOOPBACK_TLS
    SSL *ssl;
#endif
} conn;
typedef struct listener { int fd, tls; } listener;

static int epoll_fd, timer_fd;
static listener listeners[4];
static int nlisteners;
static unsigned long conns_made;
static volatile sig_atomic_t stopping;
#ifdef LOOPBACK_TLS
static SSL_CTX *tls_context;
#endif

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- heap of timers, the earliest first ------------------------------------------------------------------------ */
static conn **heap;
static int nheap, capheap;

static void heap_set(int i, conn *c) { heap[i] = c; c->heap_at = i; }
static void heap_up(int i, conn *c) {
    for (; i && heap[(i - 1) / 2]->due > c->due; i = (i - 1) / 2) heap_set(i, heap[(i - 1) / 2]);
    heap_set(i, c);
}
static void heap_down(int i, conn *c) {
    for (int k = 2 * i + 1; k < nheap; i = k, k = 2 * i + 1) {
        if (k + 1 < nheap && heap[k + 1]->due < heap[k]->due) k++;
        if (heap[k]->due >= c->due) break;
        heap_set(i, heap[k]);
    }
    heap_set(i, c);
}
static void timer_add(conn *c, uint64_t due) {
    c->due = due;
    if (nheap == capheap) { capheap = capheap ? capheap * 2 : 1024; heap = (conn **)grab(heap, (size_t)capheap * sizeof *heap); }
    heap_up(nheap++, c);
}
static void timer_del(conn *c) {
    int i = c->heap_at;
    if (i < 0) return;
    conn *last = heap[--nheap];
    c->heap_at = -1;
    if (last == c) return;
    heap_up(i, last);
    heap_down(last->heap_at, last);
}
static void timer_arm(void) {                                            /* nanoseconds, which epoll_wait does not have */
    static uint64_t armed;
    uint64_t due = nheap ? heap[0]->due : 0;
    struct itimerspec t = { { 0, 0 }, { (time_t)(due / 1000000000u), (long)(due % 1000000000u) } };
    if (due == armed) return;
    armed = due;
    timerfd_settime(timer_fd, TFD_TIMER_ABSTIME, &t, NULL);
}

/* ---- bytes ---------------------------------------------------------------------------------------------------- */
#ifdef LOOPBACK_TLS
static ssize_t tls_result(conn *c, int k) {
    if (k > 0) return k;
    int e = SSL_get_error(c->ssl, k);
    if (e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE) { errno = EAGAIN; return -1; }
    errno = EPIPE;
    return e == SSL_ERROR_ZERO_RETURN ? 0 : -1;
}
#endif
static ssize_t conn_send(conn *c, const char *p, size_t n) {
#ifdef LOOPBACK_TLS
    if (c->ssl) { ERR_clear_error(); return tls_result(c, SSL_write(c->ssl, p, n > 1 << 20 ? 1 << 20 : (int)n)); }
#endif
    return send(c->fd, p, n, MSG_NOSIGNAL);
}
static ssize_t conn_recv(conn *c, char *p, size_t n) {
#ifdef LOOPBACK_TLS
    if (c->ssl) { ERR_clear_error(); return tls_result(c, SSL_read(c->ssl, p, n > 1 << 20 ? 1 << 20 : (int)n)); }
#endif
    return recv(c->fd, p, n, 0);
}
static void conn_close(conn *c, int then) {
    struct linger now = { 1, 0 };
    timer_del(c);
    if (then == THEN_RESET) setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
#ifdef LOOPBACK_TLS
    if (c->ssl) {
        if (then == THEN_CLOSE || then == THEN_KEEP) SSL_shutdown(c->ssl);
        else SSL_set_shutdown(c->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
        SSL_free(c->ssl);
    }
#endif
    if (then == THEN_CLOSE || then == THEN_CUT) shutdown(c->fd, SHUT_WR);
    close(c->fd);
    wire_free(&c->w);
    free(c->in); free(c);
    count.open--;
}
static void want_out(conn *c, int out) {
    struct epoll_event e = { EPOLLIN | (out ? EPOLLOUT : 0u), { c } };
    if (out == c->want_out) return;
    epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &e);
    c->want_out = out;
}
/* sends what may go now; 1 all sent, 0 the socket is full, -1 the connection is gone */
static int conn_flush(conn *c) {
    while (c->pos < c->lim) {
        ssize_t k = conn_send(c, c->w.out.p + c->pos, c->lim - c->pos);
        if (k < 0 && errno == EINTR) continue;
        if (k < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) { want_out(c, 1); return 0; }
        if (k <= 0) { conn_close(c, THEN_CUT); return -1; }
        c->pos += (size_t)k;
        count.bytes_out += (unsigned long long)k;
    }
    want_out(c, 0);
    return 1;
}

/* ---- a reply on its way --------------------------------------------------------------------------------------- */
static int answer_next(conn *c);

/* the reply is out; 1 go on with the next request, -1 the connection is gone, 0 nothing */
static int reply_done(conn *c) {
    int then = c->w.then;
    wire_free(&c->w);
    c->busy = 0;
    if (then == THEN_KEEP) return answer_next(c);
    if (then == THEN_HOLD) { c->busy = c->held = 1; return 0; }
    if (then == THEN_RESET) { c->busy = c->closing = 1; timer_add(c, now_ns() + 3000000u); return 0; }   /* let the bytes arrive first */
    conn_close(c, then);
    return -1;
}
/* sends, then waits for the next part or ends the reply; -1 the connection is gone */
static int pump(conn *c) {
    for (;;) {
        int k = conn_flush(c);
        if (k <= 0) return k;
        if (c->at == c->w.n && c->w.loop_from >= 0) {
            c->at = c->w.loop_from;
            c->pos = c->lim = c->at ? c->w.s[c->at - 1].end : 0;
        }
        if (c->at == c->w.n) {
            k = reply_done(c);
            if (k <= 0) return k;
            continue;
        }
        long wait = c->w.s[c->at].wait;
        if (wait > 0) { if (c->heap_at < 0) timer_add(c, c->due + (uint64_t)wait * 1000u); return 0; }
        c->lim = c->w.s[c->at++].end;
    }
}
static int on_due(conn *c) {
    uint64_t now = now_ns();
    if (c->closing) { conn_close(c, THEN_RESET); return -1; }
    if (c->due + 1000000000u < now) c->due = now;                        /* far behind: no burst to catch up */
    c->lim = c->w.s[c->at++].end;
    return pump(c);
}
static void take_input(conn *c, size_t n) {
    c->nin -= n;
    if (c->nin) memmove(c->in, c->in + n, c->nin);
}
/* if a whole request is there, its reply is begun: 1; 0 not yet */
static int answer_next(conn *c) {
    exchange x;
    if (c->busy || !c->nin) return 0;
    memset(&x, 0, sizeof x);
    int k = read_request(&x.mem, &x.req, c->in, c->nin);
    if (k == 0) {
        if (x.req.expect && x.req.total == c->nin) (void)conn_send(c, "HTTP/1.1 100 Continue\r\n\r\n", 25);
        arena_free(&x.mem);
        return 0;
    }
#ifdef LOOPBACK_TLS
    x.tls = c->ssl != NULL;
#endif
    serve(&x, c->number, c->served > 0);
    wire_build(&x, &c->w);
    take_input(c, k > 0 ? x.req.total : c->nin);
    exchange_free(&x);
    c->served++;
    c->busy = 1; c->at = 0; c->pos = c->lim = 0;
    c->due = now_ns();
    return 1;
}
static void on_readable(conn *c) {
    for (;;) {
        if (c->capin - c->nin < 4096) { c->capin = c->capin ? c->capin * 2 : 8192; c->in = (char *)grab(c->in, c->capin); }
        size_t space = c->capin - c->nin;
        ssize_t k = conn_recv(c, c->in + c->nin, space);
        if (k < 0 && errno == EINTR) continue;
        if (k < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
        if (k <= 0) { conn_close(c, THEN_CUT); return; }
        c->nin += (size_t)k;
        count.bytes_in += (unsigned long long)k;
        if (c->nin > (size_t)MAX_BODY + MAX_HEAD + (4u << 20)) { conn_close(c, THEN_RESET); return; }
        if (answer_next(c) > 0 && pump(c) < 0) return;
    }
}

/* ---- accepting ------------------------------------------------------------------------------------------------ */
static void accept_all(const listener *l) {
    int fd, one = 1;
    while ((fd = accept(l->fd, NULL, NULL)) >= 0) {
        conn *c = (conn *)grab(NULL, sizeof *c);
        struct epoll_event e = { EPOLLIN, { c } };
        memset(c, 0, sizeof *c);
        c->fd = fd; c->heap_at = -1; c->number = ++conns_made;
        fcntl(fd, F_SETFL, O_NONBLOCK);
        fcntl(fd, F_SETFD, FD_CLOEXEC);
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
#ifdef LOOPBACK_TLS
        if (l->tls) { c->ssl = SSL_new(tls_context); SSL_set_fd(c->ssl, fd); SSL_set_accept_state(c->ssl); }
#endif
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &e);
        count.accepted++;
        if (++count.open > count.open_max) count.open_max = count.open;
    }
}
/* listens on the port; 0 is any; returns the port, 0 if it cannot */
static int listen_on(int family, int port, int tls) {
    struct sockaddr_in a4 = { 0 };
    struct sockaddr_in6 a6 = { 0 };
    struct sockaddr *a = family == AF_INET ? (struct sockaddr *)&a4 : (struct sockaddr *)&a6;
    socklen_t n = family == AF_INET ? sizeof a4 : sizeof a6;
    int fd = socket(family, SOCK_STREAM, 0), one = 1;
    if (fd < 0) return 0;
    a4.sin_family = AF_INET; a4.sin_port = htons((uint16_t)port); a4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    a6.sin6_family = AF_INET6; a6.sin6_port = htons((uint16_t)port); a6.sin6_addr = in6addr_loopback;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    if (bind(fd, a, n) || listen(fd, 4096) || getsockname(fd, a, &n)) { close(fd); return 0; }
    listener *l = &listeners[nlisteners++];
    struct epoll_event e = { EPOLLIN, { l } };
    l->fd = fd; l->tls = tls;
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &e);
    return ntohs(family == AF_INET ? a4.sin_port : a6.sin6_port);
}
static int listen_both(int port, int tls) {
    int got = listen_on(AF_INET, port, tls);
    if (got) listen_on(AF_INET6, got, tls);                              /* ::1 is not there everywhere */
    return got;
}

/* ---- the loop ------------------------------------------------------------------------------------------------- */
static void on_event(void *what, uint32_t events) {
    for (int i = 0; i < nlisteners; i++) if (what == &listeners[i]) { accept_all(&listeners[i]); return; }
    conn *c = (conn *)what;
    if (events & (EPOLLERR | EPOLLHUP)) { conn_close(c, THEN_CUT); return; }
    if ((events & EPOLLOUT) && c->busy && pump(c) < 0) return;
    if (events & EPOLLIN) on_readable(c);
}
static void on_stdin(void) {
    char t[4096];
    if (read(0, t, sizeof t) == 0) stopping = 1;
}
static void loop(uint64_t end) {
    static struct epoll_event ev[512];
    while (!stopping && now_ns() < end) {
        uint64_t left = (end - now_ns()) / 1000000u + 1;
        timer_arm();
        int n = epoll_wait(epoll_fd, ev, 512, left > 1000 ? 1000 : (int)left);
        for (int i = 0; i < n; i++) {
            uint64_t ticks;
            if (ev[i].data.ptr == &timer_fd) (void)!read(timer_fd, &ticks, sizeof ticks);
            else if (ev[i].data.ptr == &stopping) on_stdin();
            else on_event(ev[i].data.ptr, ev[i].events);
        }
        for (uint64_t now = now_ns(); nheap && heap[0]->due <= now;) { conn *c = heap[0]; timer_del(c); on_due(c); }
    }
}
static void on_signal(int s) { (void)s; stopping = 1; }

/* ---- start ---------------------------------------------------------------------------------------------------- */
typedef struct { int port, tls_port, ready_fd, until_eof; long max_seconds; const char *cert, *key, *tls_max; } options;

static int usage(FILE *f) {
    fprintf(f, "usage: loopback [--port N] [--tls-port N --cert FILE --key FILE [--tls-max 1.2]] [--ready-fd N] [--until-eof] [--max-seconds N]\n"
        "behaviours, as path segments (or [[NAME:ARG]] in the last user message); also /nN /dUS /bB /fUS:\n");
    behave_list(f);
    return f == stderr ? 2 : 0;
}
/* 0 go on, else exit status + 1 */
static int read_options(int argc, char **argv, options *o) {
    for (int i = 1; i < argc; i++) {
        const char *a = argv[i], *v = i + 1 < argc ? argv[i + 1] : NULL;
        if (!strcmp(a, "--help")) return usage(stdout) + 1;
        if (!strcmp(a, "--until-eof")) { o->until_eof = 1; continue; }
        if (!v) return usage(stderr) + 1;
        i++;
        if (!strcmp(a, "--port")) o->port = (int)strtol(v, NULL, 10);
        else if (!strcmp(a, "--tls-port")) o->tls_port = (int)strtol(v, NULL, 10);
        else if (!strcmp(a, "--ready-fd")) o->ready_fd = (int)strtol(v, NULL, 10);
        else if (!strcmp(a, "--max-seconds")) o->max_seconds = strtol(v, NULL, 10);
        else if (!strcmp(a, "--cert")) o->cert = v;
        else if (!strcmp(a, "--key")) o->key = v;
        else if (!strcmp(a, "--tls-max")) o->tls_max = v;
        else return usage(stderr) + 1;
    }
    return 0;
}
static int start_tls(const options *o) {
#ifdef LOOPBACK_TLS
    tls_context = SSL_CTX_new(TLS_server_method());
    SSL_CTX_set_mode(tls_context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    if (o->tls_max && !strcmp(o->tls_max, "1.2")) SSL_CTX_set_max_proto_version(tls_context, TLS1_2_VERSION);
    if (o->cert && o->key && SSL_CTX_use_certificate_chain_file(tls_context, o->cert) == 1 && SSL_CTX_use_PrivateKey_file(tls_context, o->key, SSL_FILETYPE_PEM) == 1) return 1;
    ERR_print_errors_fp(stderr);
    fprintf(stderr, "loopback: --cert and --key must name PEM files\n");
    return 0;
#else
    (void)o;
    fprintf(stderr, "loopback: built without TLS; build with -DLOOPBACK_TLS -lssl -lcrypto\n");
    return 0;
#endif
}
static void announce(const options *o, int port, int tls_port) {
    char t[64];
    int n = tls_port ? snprintf(t, sizeof t, "ready %d %d\n", port, tls_port) : snprintf(t, sizeof t, "ready %d\n", port);
    if (write(o->ready_fd, t, (size_t)n) != n) stopping = 1;
    if (o->ready_fd > 2) close(o->ready_fd);
}
static void watch(int fd, void *mark_at) {
    struct epoll_event e = { EPOLLIN, { mark_at } };
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &e) && fd == 0) stopping = 1;    /* a file or /dev/null: it is at its end */
}
int main(int argc, char **argv) {
    options o = { 0, -1, 1, 0, 600, NULL, NULL, NULL };
    struct rlimit files;
    int k = read_options(argc, argv, &o), port, tls_port = 0;
    if (k) return k - 1;
    signal(SIGPIPE, SIG_IGN);
    signal(SIGTERM, on_signal);
    signal(SIGINT, on_signal);
    if (!getrlimit(RLIMIT_NOFILE, &files)) { files.rlim_cur = files.rlim_max; setrlimit(RLIMIT_NOFILE, &files); }
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    watch(timer_fd, &timer_fd);
    if (o.until_eof) watch(0, (void *)(uintptr_t)&stopping);
    port = listen_both(o.port, 0);
    if (o.tls_port >= 0 && (!start_tls(&o) || !(tls_port = listen_both(o.tls_port, 1)))) return 1;
    if (!port) { fprintf(stderr, "loopback: cannot listen on port %d: %s\n", o.port, strerror(errno)); return 1; }
    announce(&o, port, tls_port);
    loop(now_ns() + (uint64_t)o.max_seconds * 1000000000u);
    return 0;
}
