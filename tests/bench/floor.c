/* floor.c - the physical limit on this machine: plain sockets, epoll, the least HTTP that works.
 * FLOOR=io      send and receive only; the end is found from the byte count learnt in the first response
 * FLOOR=scan    HTTP parsed, chunks removed, SSE split by memchr, content found by a targeted scan (no JSON tree)
 * FLOOR=json    the same, and every delta parsed by simdjson (default)
 * One read buffer for the whole thread; a stream keeps only its unfinished line.                       */
#include "work.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
static bench B; static int ep, streaming, embed, level = 2; static char path[256]; static int port; static float emb[153600];
static char rb[65536 + W_PADDING];
static size_t io_len;
typedef struct {
    int fd; int st; long left; int chunked, done; char *keep; unsigned nkeep, capkeep; size_t got; double t; } cn;
enum { ST_HEAD, ST_BODY, ST_CSIZE, ST_CDATA, ST_CEND, ST_TRAIL };
static char reqt[4096]; static size_t nreq;
static void make_req(void) {
    char body[8192], *p = reqt; size_t k = embed ? w_embed(body) : w_chat(body, streaming);
    /* the fixed head is written by memcpy and one integer */
    static char hd[512]; static size_t nh;
    if (!nh) nh = (size_t)sprintf(hd, "POST %s/%s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAuthorization: Bearer sk-test-0123456789abcdef0123456789abcdef\r\n"
        "Content-Type: application/json\r\nAccept: */*\r\nContent-Length: ", path, embed ? "embeddings" : "chat/completions", port);
    memcpy(p, hd, nh); p += nh;
    char d[24]; int q = 24; size_t v = k; do d[--q] = (char)('0' + v % 10); while (v /= 10);
    memcpy(p, d + q, (size_t)(24 - q)); p += 24 - q; memcpy(p, "\r\n\r\n", 4); p += 4; memcpy(p, body, k); p += k;
    nreq = (size_t)(p - reqt);
}
static void keep(cn *c, const char *p, size_t n) {
    if (c->nkeep + n + W_PADDING > c->capkeep) { c->capkeep = (unsigned)((c->nkeep + n) * 2 + 512); c->keep = realloc(c->keep, c->capkeep); }
    memcpy(c->keep + c->nkeep, p, n); c->nkeep += (unsigned)n;
}
static void scan_content(const char *l, size_t n) {
    const char *p = memmem(l, n, "\"content\":", 10), *e = l + n;
    if (!p) return;
    for (p += 10; p < e && *p == ' '; p++) {}
    if (p == e || *p++ != '"') return;
    const char *q = p; size_t len = 0;
    while (q < e && *q != '"') { if (*q == '\\') q++; q++; len++; }
    B.content += len; B.events++; b_clock(&B, p, len);
}
static void line(cn *c, const char *l, size_t n) {             /* at least W_PADDING bytes may be read beyond it */
    if (n < 6 || memcmp(l, "data: ", 6)) return;
    if (n == 12 && l[6] == '[') { c->done = 1; return; }
    if (level == 1) scan_content(l + 6, n - 6); else w_delta(&B, l + 6, n - 6, n - 6 + W_PADDING);
}
static void payload(cn *c, const char *p, size_t n) {
    if (!streaming) { keep(c, p, n); return; }
    const char *e = p + n, *nl;
    if (c->nkeep) {
        nl = memchr(p, '\n', n);
        if (!nl) { keep(c, p, n); return; }
        keep(c, p, (size_t)(nl - p)); line(c, c->keep, c->nkeep); c->nkeep = 0; p = nl + 1;
    }
    while (p < e && (nl = memchr(p, '\n', (size_t)(e - p)))) { line(c, p, (size_t)(nl - p)); p = nl + 1; }
    if (p < e) keep(c, p, (size_t)(e - p));
}
/* 1 = response complete */
static int feed(cn *c, const char *p, size_t n) {
    const char *e = p + n;
    if (level == 0) { c->got += n;
        if (!io_len) { if (!memcmp(e - 5, "0\r\n\r\n", 5) && streaming) { io_len = c->got; return 1; }
            if (!streaming) { const char *h = memmem(p, n, "\r\n\r\n", 4), *cl = memmem(p, n, "Content-Length: ", 16); if (h && cl) { io_len = (size_t)(h + 4 - p) + (size_t)atol(cl + 16); } } }
        return io_len && c->got >= io_len; }
    while (p < e) switch (c->st) {
    case ST_HEAD: {                       /* the head arrives in one piece here */
        const char *h = memmem(p, (size_t)(e - p), "\r\n\r\n", 4);
        if (!h) { fprintf(stderr, "split head\n"); exit(1); }
        if (memcmp(p, "HTTP/1.1 200", 12)) B.errors++;
        c->chunked = 0; c->left = 0;
        for (const char *q = memchr(p, '\n', (size_t)(h + 2 - p)); q && q < h; q = memchr(q, '\n', (size_t)(h + 2 - q))) {
            q++;
            if ((*q | 32) == 'c' && !strncasecmp(q, "content-length:", 15)) c->left = atol(q + 15);
            else if ((*q | 32) == 't' && !strncasecmp(q, "transfer-encoding:", 18)) c->chunked = 1;
        }
        p = h + 4; c->st = c->chunked ? ST_CSIZE : ST_BODY;
        break; }
    case ST_BODY: { size_t k = (size_t)(e - p); if ((long)k > c->left) k = (size_t)c->left; payload(c, p, k); p += k; c->left -= (long)k; if (!c->left) return 1; break; }
    case ST_CSIZE: { int ch = *p++;
        if (ch == '\n') c->st = c->left ? ST_CDATA : ST_TRAIL;
        else if (ch != '\r') c->left = c->left * 16 + (ch <= '9' ? ch - '0' : (ch | 32) - 'a' + 10);
        break; }
    case ST_CDATA: { size_t k = (size_t)(e - p); if ((long)k > c->left) k = (size_t)c->left; payload(c, p, k); p += k; c->left -= (long)k; if (!c->left) c->st = ST_CEND; break; }
    case ST_CEND: if (*p++ == '\n') c->st = ST_CSIZE; break;
    case ST_TRAIL: if (*p++ == '\n') return 1; break;
    }
    return 0;
}
static int dial(void) {
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    if (connect(fd, (struct sockaddr *)&a, sizeof a)) { perror("connect"); exit(1); }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}
static void start(cn *c) {
    c->t = b_now(); c->st = ST_HEAD; c->left = 0; c->done = 0; c->nkeep = 0; c->got = 0;
    make_req();
    if (send(c->fd, reqt, nreq, MSG_NOSIGNAL) != (ssize_t)nreq) { perror("send"); exit(1); }
}
static void finish(cn *c) {
    if (level) {
        if (streaming) { if (!c->done) B.errors++; }
        else if (embed) w_embed_answer(&B, c->keep, c->nkeep, c->capkeep, emb);
        else if (level == 1) scan_content(c->keep, c->nkeep);
        else w_plain_answer(&B, c->keep, c->nkeep, c->capkeep);
    }
    b_lat(&B, b_now() - c->t);
}
static void run1(cn *c, long n) {         /* one connection, blocking: the fewest system calls */
    while (n--) { start(c); for (;;) { ssize_t k = recv(c->fd, rb, sizeof rb - W_PADDING, 0); if (k <= 0) { perror("recv"); exit(1); } if (feed(c, rb, (size_t)k)) break; } finish(c); }
}
static void run(cn *cs, long conc, long n) {
    long started = 0, fin = 0; static struct epoll_event ev[512];
    for (long i = 0; i < conc && i < n; i++, started++) start(&cs[i]);
    while (fin < n) {
        int k = epoll_wait(ep, ev, 512, -1);
        for (int i = 0; i < k; i++) {
            cn *c = ev[i].data.ptr;
            ssize_t r = recv(c->fd, rb, sizeof rb - W_PADDING, MSG_DONTWAIT);
            if (r < 0 && errno == EAGAIN) continue;
            if (r <= 0) { perror("recv"); exit(1); }
            if (feed(c, rb, (size_t)r)) {
                finish(c); fin++; if (started < n) { start(c); started++; } }
        }
    }
}
int main(int argc, char **argv) {
    b_args(&B, argc, argv);
    const char *f = getenv("FLOOR"); if (f) level = !strcmp(f, "io") ? 0 : !strcmp(f, "scan") ? 1 : 2;
    streaming = !strcmp(B.mode, "stream"); embed = !strcmp(B.mode, "embed");
    if (sscanf(strstr(B.base, "://") + 3, "127.0.0.1:%d%255s", &port, path) != 2) return 2;
    struct rlimit rl; getrlimit(RLIMIT_NOFILE, &rl); rl.rlim_cur = rl.rlim_max; setrlimit(RLIMIT_NOFILE, &rl);
    ep = epoll_create1(0);
    cn *cs = calloc((size_t)B.conc, sizeof *cs);
    if (level == 0) { cn t; memset(&t, 0, sizeof t); t.fd = dial(); run1(&t, 1); close(t.fd); B.nlat = 0; }
    if (!B.warm) b_start(&B);            /* no warm-up: connecting (and the handshakes) is part of the measure */
    for (long i = 0; i < B.conc; i++) { cs[i].fd = dial(); struct epoll_event e = { .events = EPOLLIN, .data.ptr = &cs[i] }; if (B.conc > 1) epoll_ctl(ep, EPOLL_CTL_ADD, cs[i].fd, &e);
    }
    if (B.warm) { if (B.conc == 1) run1(cs, B.warm); else run(cs, B.conc, B.warm); b_start(&B); }
    if (B.conc == 1) run1(cs, B.n); else run(cs, B.conc, B.n);
    b_end(&B, level == 0 ? "floor-io" : level == 1 ? "floor-scan" : "floor-simdjson");
    return B.errors != 0;
}
