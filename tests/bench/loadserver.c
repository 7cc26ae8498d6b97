/* loadserver.c - a load server for measuring LLM clients.
 *
 * One thread, epoll, HTTP/1.1 keep-alive, listens on 127.0.0.1 only.
 * Every response is rendered once and kept, so a request costs the server one
 * recv and one send (plain), or one send per event (stream with a delay).
 *
 * Endpoints
 *   POST .../v1/chat/completions   plain JSON (~1 KB body), or SSE when the request
 *                                  body holds "stream":true
 *   POST .../v1/embeddings         E x 1536 floats, pretty-printed as OpenAI does it
 *                                  (base64 when the request asks for it)
 *   POST .../api/chat              Ollama: NDJSON, or one object with "stream":false
 *   GET  /stats                    counters of this server as JSON
 *
 * The behaviour comes from the command line, or from path segments before /v1 or /api
 * (so that any SDK with a base URL can set it):
 *   /nN  content chunks per stream     /dD  microseconds between events (0: all at once)
 *   /bB  events per tick               /t1  each content is 16 hex digits: CLOCK_MONOTONIC ns at send
 *   /eE  embeddings per response       /fF  microseconds before the first byte (plain and stream)
 * e.g. http://127.0.0.1:8089/n40/d50000/v1
 *
 * build: cc -O2 -o loadserver loadserver.c
 *        cc -O2 -DLS_TLS -o loadserver loadserver.c -lssl -lcrypto   (adds -T port -C cert -K key -N: each handshake is a full one)
 * Port 0 is any free one; "ready PORT [TLSPORT]" comes on stdout when it listens.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#ifdef LS_TLS
#include <openssl/err.h>
#include <openssl/ssl.h>
#endif

typedef uint64_t u64;
typedef uint32_t u32;

enum { K_PLAIN, K_STREAM, K_EMBED, K_EMBED64, K_OLLAMA, K_OLLAMA_STREAM, K_STATS, K_404 };

/* ---- growing buffer ---------------------------------------------------- */
typedef struct { char *p; size_t n, cap; } buf;
static void need(buf *b, size_t k) {
    if (b->n + k <= b->cap) return;
    size_t c = b->cap ? b->cap : 4096;
    while (c < b->n + k) c *= 2;
    b->p = realloc(b->p, c);
    if (!b->p) { perror("realloc"); exit(1); }
    b->cap = c;
}
static void put(buf *b, const void *s, size_t k) { need(b, k); memcpy(b->p + b->n, s, k); b->n += k; }
static void puts_(buf *b, const char *s) { put(b, s, strlen(s)); }
__attribute__((format(printf, 2, 3)))
static void putf(buf *b, const char *f, ...) {
    va_list ap;
    va_start(ap, f);
    char t[8192];
    int k = vsnprintf(t, sizeof t, f, ap);
    va_end(ap);
    put(b, t, (size_t)k);
}

/* ---- rendered responses ("scripts") ------------------------------------ */
typedef struct {
    int kind; u32 n, t;
    buf out;          /* head + body, framing included            */
    u32 nslice;       /* slices sent one per tick                 */
    size_t *off;      /* nslice+1 offsets                         */
    size_t *ts;       /* per slice: offset of the 16 hex digits, 0 none */
} script;
static script *scripts[256];
static int nscripts;
static int minimal_headers;

static const char WORDS[][12] = {
    " the", " quick", " brown", " fox", " jumps", " over", " a", " lazy", " dog", " and",
    " then", " writes", " \\\"code\\\"", " in", " plain", " C", ".", "\\n", " caf\xc3\xa9", " tokens" };
#define NWORDS (sizeof WORDS / sizeof WORDS[0])

static void head(buf *o, const char *type, long long len /* <0: chunked */) {
    puts_(o, "HTTP/1.1 200 OK\r\n");
    if (!minimal_headers)
        puts_(o, "Date: Thu, 20 Nov 2025 11:05:00 GMT\r\n");
    putf(o, "Content-Type: %s\r\n", type);
    if (len >= 0) putf(o, "Content-Length: %lld\r\n", len);
    else puts_(o, "Transfer-Encoding: chunked\r\n");
    puts_(o, "Connection: keep-alive\r\n");
    if (!minimal_headers)
        puts_(o,
            "access-control-expose-headers: X-Request-ID\r\n"
            "openai-organization: user-abcdefghijklmnopqrstuvwx\r\n"
            "openai-processing-ms: 412\r\n"
            "openai-project: proj_AbCdEfGhIjKlMnOpQrStUvWx\r\n"
            "openai-version: 2020-10-01\r\n"
            "x-envoy-upstream-service-time: 420\r\n"
            "x-ratelimit-limit-requests: 10000\r\n"
            "x-ratelimit-limit-tokens: 200000\r\n"
            "x-ratelimit-remaining-requests: 9999\r\n"
            "x-ratelimit-remaining-tokens: 199978\r\n"
            "x-ratelimit-reset-requests: 8.64s\r\n"
            "x-ratelimit-reset-tokens: 6ms\r\n"
            "x-request-id: req_5f3c9d2b7a184e0c9f6b1d2e3a4c5b6d\r\n"
            "strict-transport-security: max-age=31536000; includeSubDomains; preload\r\n"
            "cf-cache-status: DYNAMIC\r\n"
            "Set-Cookie: __cf_bm=abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG-1752345678-1.0.1.1-xyz; path=/; domain=.example.com; HttpOnly; Secure; SameSite=None\r\n"
            "X-Content-Type-Options: nosniff\r\n"
            "Server: cloudflare\r\n"
            "CF-RAY: 9a1b2c3d4e5f6a7b-FRA\r\n"
            "alt-svc: h3=\":443\"; ma=86400\r\n");
    puts_(o, "\r\n");
}
static void chunk(buf *o, const char *s, size_t n) { putf(o, "%zx\r\n", n); put(o, s, n); puts_(o, "\r\n"); }

static void render_plain(script *s) {
    buf b = {0};
    puts_(&b,
        "{\n  \"id\": \"chatcmpl-BxQ5kZ8m3T0YbVn7c1sWdEfGhIjKl\",\n  \"object\": \"chat.completion\",\n"
        "  \"created\": 1752345678,\n  \"model\": \"gpt-4o-mini-2024-07-18\",\n  \"choices\": [\n    {\n"
        "      \"index\": 0,\n      \"message\": {\n        \"role\": \"assistant\",\n        \"content\": \"");
    for (int i = 0; i < 42; i++) puts_(&b, WORDS[(size_t)i % NWORDS]);
    puts_(&b, "\",\n        \"refusal\": null,\n        \"annotations\": []\n      },\n"
        "      \"logprobs\": null,\n      \"finish_reason\": \"stop\"\n    }\n  ],\n  \"usage\": {\n"
        "    \"prompt_tokens\": 19,\n    \"completion_tokens\": 42,\n    \"total_tokens\": 61,\n"
        "    \"prompt_tokens_details\": {\n      \"cached_tokens\": 0,\n      \"audio_tokens\": 0\n    },\n"
        "    \"completion_tokens_details\": {\n      \"reasoning_tokens\": 0,\n      \"audio_tokens\": 0,\n"
        "      \"accepted_prediction_tokens\": 0,\n      \"rejected_prediction_tokens\": 0\n    }\n  },\n"
        "  \"service_tier\": \"default\",\n  \"system_fingerprint\": \"fp_34a54ae93c\"\n}\n");
    head(&s->out, "application/json", (long long)b.n);
    put(&s->out, b.p, b.n);
    free(b.p);
}

#define EV_HEAD "data: {\"id\":\"chatcmpl-BxQ5kZ8m3T0YbVn7c1sWdEfGhIjKl\",\"object\":\"chat.completion.chunk\"," \
    "\"created\":1752345678,\"model\":\"gpt-4o-mini-2024-07-18\",\"service_tier\":\"default\"," \
    "\"system_fingerprint\":\"fp_34a54ae93c\",\"choices\":["

static void slice_end(script *s) {
    s->off = realloc(s->off, (s->nslice + 2) * sizeof *s->off);
    s->ts = realloc(s->ts, (s->nslice + 2) * sizeof *s->ts);
    s->off[++s->nslice] = s->out.n;
    s->ts[s->nslice] = 0;
}
static void render_stream(script *s) {
    char e[1024];
    s->off = malloc(sizeof *s->off); s->ts = malloc(sizeof *s->ts);
    s->off[0] = 0; s->ts[0] = 0;
    head(&s->out, "text/event-stream; charset=utf-8", -1);
    int k = snprintf(e, sizeof e, EV_HEAD "{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null},"
        "\"logprobs\":null,\"finish_reason\":null}],\"usage\":null}\n\n");
    chunk(&s->out, e, (size_t)k);
    slice_end(s);
    for (u32 i = 0; i < s->n; i++) {
        k = snprintf(e, sizeof e, EV_HEAD "{\"index\":0,\"delta\":{\"content\":\"%s\"},\"logprobs\":null,"
            "\"finish_reason\":null}],\"usage\":null}\n\n", s->t ? "0000000000000000" : WORDS[i % NWORDS]);
        size_t at = s->out.n;
        chunk(&s->out, e, (size_t)k);
        size_t ts = 0;
        if (s->t) ts = (size_t)((char *)memmem(s->out.p + at, s->out.n - at, "0000000000000000", 16) - s->out.p);
        slice_end(s);
        s->ts[s->nslice - 1] = ts;
    }
    k = snprintf(e, sizeof e, EV_HEAD "{\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":\"stop\"}],\"usage\":null}\n\n");
    chunk(&s->out, e, (size_t)k);
    k = snprintf(e, sizeof e, EV_HEAD "],\"usage\":{\"prompt_tokens\":19,\"completion_tokens\":%u,\"total_tokens\":%u,"
        "\"prompt_tokens_details\":{\"cached_tokens\":0,\"audio_tokens\":0},\"completion_tokens_details\":{\"reasoning_tokens\":0,"
        "\"audio_tokens\":0,\"accepted_prediction_tokens\":0,\"rejected_prediction_tokens\":0}}}\n\n", s->n, s->n + 19);
    chunk(&s->out, e, (size_t)k);
    chunk(&s->out, "data: [DONE]\n\n", 14);
    puts_(&s->out, "0\r\n\r\n");
    slice_end(s);
}

static u64 rng_state = 88172645463325252ull;
static double rnd(void) { rng_state ^= rng_state << 13; rng_state ^= rng_state >> 7; rng_state ^= rng_state << 17;
    return (double)(rng_state >> 11) / 9007199254740992.0; }
static void put_float(buf *b, float f) {       /* shortest text that reads back as the same float32 */
    char t[40];
    for (int p = 6; p <= 9; p++) { snprintf(t, sizeof t, "%.*g", p, (double)f); if (strtof(t, 0) == f) break; }
    puts_(b, t);
}
static void render_embed(script *s) {
    static const char B64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    buf b = {0};
    rng_state = 88172645463325252ull;
    puts_(&b, "{\n  \"object\": \"list\",\n  \"data\": [\n");
    for (u32 i = 0; i < s->n; i++) {
        putf(&b, "    {\n      \"object\": \"embedding\",\n      \"index\": %u,\n      \"embedding\": ", i);
        float v[1536];
        for (int j = 0; j < 1536; j++) v[j] = (float)((rnd() - 0.5) * 0.16);
        if (s->kind == K_EMBED64) {
            const unsigned char *u = (const unsigned char *)v;
            need(&b, 8200);
            b.p[b.n++] = '"';
            for (size_t j = 0; j < sizeof v; j += 3) {     /* 6144 is a multiple of 3 */
                u32 w = (u32)u[j] << 16 | (u32)u[j + 1] << 8 | u[j + 2];
                b.p[b.n++] = B64[w >> 18]; b.p[b.n++] = B64[w >> 12 & 63];
                b.p[b.n++] = B64[w >> 6 & 63]; b.p[b.n++] = B64[w & 63];
            }
            b.p[b.n++] = '"';
        } else {
            puts_(&b, "[\n");
            for (int j = 0; j < 1536; j++) { puts_(&b, "        "); put_float(&b, v[j]); puts_(&b, j < 1535 ? ",\n" : "\n"); }
            puts_(&b, "      ]");
        }
        puts_(&b, i + 1 < s->n ? "\n    },\n" : "\n    }\n");
    }
    puts_(&b, "  ],\n  \"model\": \"text-embedding-3-small\",\n  \"usage\": {\n    \"prompt_tokens\": 800,\n    \"total_tokens\": 800\n  }\n}\n");
    head(&s->out, "application/json", (long long)b.n);
    put(&s->out, b.p, b.n);
    free(b.p);
}

#define OL_STAT ",\"done_reason\":\"stop\",\"done\":true,\"total_duration\":4883583458,\"load_duration\":1334875," \
    "\"prompt_eval_count\":26,\"prompt_eval_duration\":342546000,\"eval_count\":%u,\"eval_duration\":4535599000}\n"
#define OL_HEAD "{\"model\":\"llama3.2\",\"created_at\":\"2025-11-20T11:05:00.123456789Z\",\"message\":{\"role\":\"assistant\",\"content\":\""
static void render_ollama(script *s) {
    char e[1024];
    int k;
    if (s->kind == K_OLLAMA) {
        buf b = {0};
        puts_(&b, OL_HEAD);
        for (int i = 0; i < 42; i++) puts_(&b, WORDS[(size_t)i % NWORDS]);
        putf(&b, "\"}" OL_STAT, 42u);
        head(&s->out, "application/json; charset=utf-8", (long long)b.n);
        put(&s->out, b.p, b.n);
        free(b.p);
        return;
    }
    s->off = malloc(sizeof *s->off); s->ts = malloc(sizeof *s->ts);
    s->off[0] = 0; s->ts[0] = 0;
    head(&s->out, "application/x-ndjson", -1);
    for (u32 i = 0; i < s->n; i++) {
        k = snprintf(e, sizeof e, OL_HEAD "%s\"},\"done\":false}\n", WORDS[i % NWORDS]);
        chunk(&s->out, e, (size_t)k);
        slice_end(s);
    }
    k = snprintf(e, sizeof e, OL_HEAD "\"}" OL_STAT, s->n);
    chunk(&s->out, e, (size_t)k);
    puts_(&s->out, "0\r\n\r\n");
    slice_end(s);
}

static script *get_script(int kind, u32 n, u32 t) {
    if (kind == K_PLAIN || kind == K_OLLAMA) n = 0;
    if (kind != K_STREAM) t = 0;
    for (int i = 0; i < nscripts; i++)
        if (scripts[i]->kind == kind && scripts[i]->n == n && scripts[i]->t == t) return scripts[i];
    if (nscripts == 256) { fprintf(stderr, "too many shapes\n"); exit(1); }
    script *s = calloc(1, sizeof *s);
    s->kind = kind; s->n = n; s->t = t;
    switch (kind) {
    case K_PLAIN: render_plain(s); break;
    case K_STREAM: render_stream(s); break;
    case K_EMBED: case K_EMBED64: render_embed(s); break;
    default: render_ollama(s); break;
    }
    if (!s->nslice) { s->off = malloc(2 * sizeof *s->off); s->ts = calloc(2, sizeof *s->ts); s->off[0] = 0; s->off[1] = s->out.n; s->nslice = 1; }
    return scripts[nscripts++] = s;
}

/* ---- connections -------------------------------------------------------- */
typedef struct conn {
    int fd;
    char *in; u32 nin, capin;
    script *s;
    u32 slice, batch, delay;     /* next slice to send                      */
    size_t pos, lim;             /* bytes sent so far / may be sent now     */
    int want_out, busy, hpos;    /* hpos: index in the timer heap, -1 none  */
    u64 due;
    buf priv;                    /* stats answer, or patched slice          */
#ifdef LS_TLS
    SSL *ssl; int hs;
#endif
} conn;

static int ep;
static u64 n_req, n_ev, n_acc, n_send, n_bytes, n_open, n_open_max;
static u32 def_n = 100, def_d = 0, def_b = 1, def_t = 0, def_e = 100, def_f = 0;

static u64 now_ns(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return (u64)t.tv_sec * 1000000000ull + (u64)t.tv_nsec; }

/* timer heap */
static conn **heap; static int nheap, capheap;
static void hset(int i, conn *c) { heap[i] = c; c->hpos = i; }
static void hup(int i) { conn *c = heap[i]; while (i && heap[(i - 1) / 2]->due > c->due) { hset(i, heap[(i - 1) / 2]); i = (i - 1) / 2; } hset(i, c); }
static void hdown(int i) {
    conn *c = heap[i];
    for (;;) {
        int k = 2 * i + 1;
        if (k >= nheap) break;
        if (k + 1 < nheap && heap[k + 1]->due < heap[k]->due) k++;
        if (heap[k]->due >= c->due) break;
        hset(i, heap[k]); i = k;
    }
    hset(i, c);
}
static void tadd(conn *c, u64 due) {
    c->due = due;
    if (nheap == capheap) { capheap = capheap ? 2 * capheap : 1024; heap = realloc(heap, (size_t)capheap * sizeof *heap); }
    heap[nheap] = c; c->hpos = nheap; nheap++;
    hup(c->hpos);
}
static void tdel(conn *c) {
    if (c->hpos < 0) return;
    int i = c->hpos;
    conn *l = heap[--nheap];
    c->hpos = -1;
    if (l != c) { hset(i, l); hup(i); hdown(l->hpos); }
}

static void closeconn(conn *c) {
    tdel(c);
#ifdef LS_TLS
    if (c->ssl) { SSL_set_shutdown(c->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN); SSL_free(c->ssl); }   /* keeps the session for resumption by id */
#endif
    close(c->fd);
    free(c->in); free(c->priv.p); free(c);
    n_open--;
}
static void want(conn *c, int out) {
    if (out == c->want_out) return;
    struct epoll_event e = { .events = EPOLLIN | (out ? EPOLLOUT : 0u), .data.ptr = c };
    epoll_ctl(ep, EPOLL_CTL_MOD, c->fd, &e);
    c->want_out = out;
}
static ssize_t xsend(conn *c, const char *p, size_t n) {
    n_send++;
#ifdef LS_TLS
    if (c->ssl) {
        ERR_clear_error();
        int k = SSL_write(c->ssl, p, n > (1 << 20) ? 1 << 20 : (int)n);
        if (k > 0) return k;
        int e = SSL_get_error(c->ssl, k);
        errno = (e == SSL_ERROR_WANT_WRITE || e == SSL_ERROR_WANT_READ) ? EAGAIN : EPIPE;
        return -1;
    }
#endif
    return send(c->fd, p, n, MSG_NOSIGNAL);
}
static ssize_t xrecv(conn *c, char *p, size_t n) {
#ifdef LS_TLS
    if (c->ssl) {
        ERR_clear_error();
        int k = SSL_read(c->ssl, p, (int)n);
        if (k > 0) return k;
        int e = SSL_get_error(c->ssl, k);
        if (e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE) { errno = EAGAIN; return -1; }
        return 0;
    }
#endif
    return recv(c->fd, p, n, 0);
}

static int parse_and_start(conn *c);

/* send what may be sent; 0 ok, -1 closed */
static int pump(conn *c) {
    for (;;) {
        script *s = c->s;
        while (c->pos < c->lim) {
            ssize_t k = xsend(c, s->out.p + c->pos, c->lim - c->pos);
            if (k < 0) {
                if (errno == EAGAIN || errno == EWOULDBLOCK) { want(c, 1); return 0; }
                if (errno == EINTR) continue;
                closeconn(c);
                return -1;
            }
            c->pos += (size_t)k; n_bytes += (u64)k;
        }
        want(c, 0);
        if (c->slice < s->nslice) { if (c->hpos < 0) tadd(c, c->due + (u64)c->delay * 1000); return 0; }
        c->busy = 0; c->s = 0;
        int r = parse_and_start(c);           /* a pipelined request */
        if (r <= 0) return r;
    }
}
static void tick_slices(conn *c) {            /* let `batch` more slices go */
    script *s = c->s;
    u32 to = c->slice + c->batch;
    if (c->delay == 0 || to > s->nslice) to = s->nslice;
    n_ev += to - c->slice;
    if (s->t) {                               /* patch the clock in: the text is shared, send at once is what we want */
        static const char H[] = "0123456789abcdef";
        u64 t = now_ns();
        for (u32 i = c->slice; i < to; i++)
            if (s->ts[i]) for (int j = 0; j < 16; j++) s->out.p[s->ts[i] + (size_t)j] = H[t >> (60 - 4 * j) & 15];
    }
    c->slice = to;
    c->lim = s->off[to];
}
static u32 num(const char *p, const char *e) { u32 v = 0; while (p < e && *p >= '0' && *p <= '9') v = v * 10 + (u32)(*p++ - '0'); return v; }

/* 1: a response was started (caller pumps), 0: nothing to do, -1 closed */
static int parse_and_start(conn *c) {
    if (c->busy || !c->nin) return 0;
    char *h = c->in, *end = memmem(h, c->nin, "\r\n\r\n", 4);
    if (!end) return 0;
    size_t hl = (size_t)(end + 4 - h), bl = 0, total;
    int chunked = 0, expect = 0;
    for (char *p = memchr(h, '\n', hl); p && p < end; p = memchr(p, '\n', (size_t)(end + 4 - p))) {
        p++;
        switch (*p | 32) {
        case 'c': if (!strncasecmp(p, "content-length:", 15)) { p += 15; while (*p == ' ') p++; bl = num(p, end); } break;
        case 't': if (!strncasecmp(p, "transfer-encoding: chunked", 26)) chunked = 1; break;
        case 'e': if (!strncasecmp(p, "expect: 100", 11)) expect = 1; break;
        }
    }
    char *body = h + hl;
    size_t have = c->nin - hl;
    if (chunked) {
        char *z = have >= 5 ? memmem(body, have, "0\r\n\r\n", 5) : 0;
        while (z && z != body && z[-1] != '\n') z = memmem(z + 1, have - (size_t)(z + 1 - body), "0\r\n\r\n", 5);
        if (!z) return 0;
        bl = (size_t)(z + 5 - body);
    } else if (have < bl) {
        if (expect && !have) (void)!xsend(c, "HTTP/1.1 100 Continue\r\n\r\n", 25);
        return 0;
    }
    total = hl + bl;
    u32 n = def_n, d = def_d, b = def_b, t = def_t, e = def_e, f = def_f;
    char *p = memchr(h, ' ', hl), *pe;
    if (!p) { closeconn(c); return -1; }
    p++;
    pe = memchr(p, ' ', (size_t)(end - p));
    if (!pe) { closeconn(c); return -1; }
    int kind = K_404;
    for (char *q = p; q < pe;) {
        if (*q != '/') { q++; continue; }
        q++;
        if (q[0] == 'v' && q[1] == '1' && q[2] == '/') {
            if (!strncmp(q + 3, "chat/completions", 16)) kind = K_PLAIN;
            else if (!strncmp(q + 3, "embeddings", 10)) kind = K_EMBED;
            break;
        }
        if (!strncmp(q, "api/chat", 8)) { kind = K_OLLAMA; break; }
        if (!strncmp(q, "stats", 5)) { kind = K_STATS; break; }
        if (!strncmp(q, "chat/completions", 16)) { kind = K_PLAIN; break; }
        if (!strncmp(q, "embeddings", 10)) { kind = K_EMBED; break; }
        u32 v = num(q + 1, pe);
        switch (*q) { case 'n': n = v; break; case 'd': d = v; break; case 'b': b = v ? v : 1; break;
                      case 't': t = v; break; case 'e': e = v; break; case 'f': f = v; break; }
    }
    if (kind == K_PLAIN || kind == K_OLLAMA) {
        char *st = bl ? memmem(body, bl, "\"stream\":", 9) : 0;
        int on = kind == K_OLLAMA;
        if (st) { st += 9; while (*st == ' ') st++; on = *st == 't'; }
        if (on) kind = kind == K_PLAIN ? K_STREAM : K_OLLAMA_STREAM;
    } else if (kind == K_EMBED && bl && memmem(body, bl, "\"base64\"", 8)) kind = K_EMBED64;
    n_req++;
    if (kind == K_STATS || kind == K_404) {
        struct rusage ru; getrusage(RUSAGE_SELF, &ru);
        char s[512], o[1024];
        int k = kind == K_404 ? snprintf(s, sizeof s, "{\"error\":{\"message\":\"no such path\"}}\n") :
            snprintf(s, sizeof s, "{\"requests\":%llu,\"events\":%llu,\"accepts\":%llu,\"sends\":%llu,\"bytes\":%llu,\"open_max\":%llu,\"user_us\":%lld,\"sys_us\":%lld}\n",
            (unsigned long long)n_req, (unsigned long long)n_ev, (unsigned long long)n_acc, (unsigned long long)n_send,
            (unsigned long long)n_bytes, (unsigned long long)n_open_max,
            (long long)ru.ru_utime.tv_sec * 1000000 + ru.ru_utime.tv_usec, (long long)ru.ru_stime.tv_sec * 1000000 + ru.ru_stime.tv_usec);
        int m = snprintf(o, sizeof o, "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
            kind == K_404 ? "404 Not Found" : "200 OK", k, s);
        (void)!xsend(c, o, (size_t)m);
        n_open_max = n_open;
        c->nin -= (u32)total;
        memmove(c->in, c->in + total, c->nin);
        return 0;
    }
    c->s = get_script(kind, kind == K_EMBED || kind == K_EMBED64 ? e : n, t);
    c->busy = 1; c->slice = 0; c->pos = 0; c->delay = d; c->batch = b; c->due = 0;
    c->nin -= (u32)total;
    if (c->nin) memmove(c->in, c->in + total, c->nin);
    if (f) { c->lim = 0; tadd(c, now_ns() + (u64)f * 1000); return 1; }
    if (d) c->due = now_ns();
    tick_slices(c);
    return 1;
}

static void on_readable(conn *c) {
    for (;;) {
        if (c->nin == c->capin) { c->capin = c->capin ? c->capin * 2 : 4096; c->in = realloc(c->in, c->capin); if (c->capin > (64u << 20)) { closeconn(c); return; } }
        size_t room = c->capin - c->nin;
        ssize_t k = xrecv(c, c->in + c->nin, room);
        if (k == 0) { closeconn(c); return; }
        if (k < 0) { if (errno == EINTR) continue; if (errno != EAGAIN) closeconn(c); return; }
        c->nin += (u32)k;
        int r = parse_and_start(c);
        if (r < 0) return;
        if (r > 0 && pump(c) < 0) return;
        if ((size_t)k < room) {
#ifdef LS_TLS
            if (c->ssl && SSL_pending(c->ssl)) continue;
#endif
            return;
        }
    }
}

static int listen_on(int *port) {
    int l = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
    setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)*port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t na = sizeof a;
    if (bind(l, (struct sockaddr *)&a, sizeof a) || listen(l, 8192) || getsockname(l, (struct sockaddr *)&a, &na)) { perror("listen"); exit(1); }
    *port = ntohs(a.sin_port);
    return l;
}
static volatile sig_atomic_t stop;
static void on_sig(int s) { (void)s; stop = 1; }

static int port = 8089, life;                      /* life: exit after so many seconds */
#ifdef LS_TLS
static int tport = -1, tickets = 1;                /* tickets 0: no session is resumed */
static const char *cert, *key, *maxv;              /* maxv 1.2: no TLS 1.3 */
static SSL_CTX *ctx;
#define TLS_OPTIONS "T:C:K:V:N"
#else
#define TLS_OPTIONS ""
#endif

static int read_options(int argc, char **argv) {
    int o;
    while ((o = getopt(argc, argv, "p:n:d:b:t:e:f:ml:h" TLS_OPTIONS)) != -1) switch (o) {
        case 'p': port = atoi(optarg); break;
        case 'n': def_n = (u32)atoi(optarg); break;
        case 'd': def_d = (u32)atoi(optarg); break;
        case 'b': def_b = (u32)atoi(optarg); break;
        case 't': def_t = (u32)atoi(optarg); break;
        case 'e': def_e = (u32)atoi(optarg); break;
        case 'f': def_f = (u32)atoi(optarg); break;
        case 'm': minimal_headers = 1; break;
        case 'l': life = atoi(optarg); break;
#ifdef LS_TLS
        case 'T': tport = atoi(optarg); break;
        case 'C': cert = optarg; break;
        case 'K': key = optarg; break;
        case 'V': maxv = optarg; break;
        case 'N': tickets = 0; break;
#endif
        default: fprintf(stderr, "usage: loadserver [-p port] [-n chunks] [-d us] [-b batch] [-t 1] [-e embeddings] [-f first-byte-us] [-m] [-l seconds]\n"); return 0;
    }
    return 1;
}

/* The event of a listener points at its own descriptor; that of a connection at the connection. */
static int plain = -1, tls = -1;

static void watch_listener(int *listener, int *at) {
    *listener = listen_on(at);
    struct epoll_event e = { .events = EPOLLIN, .data.ptr = listener };
    epoll_ctl(ep, EPOLL_CTL_ADD, *listener, &e);
}

#ifdef LS_TLS
static int start_tls(void) {
    ctx = SSL_CTX_new(TLS_server_method());
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    if (!tickets) { SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET); SSL_CTX_set_num_tickets(ctx, 0); SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF); }
    if (maxv && !strcmp(maxv, "1.2")) SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
    if (SSL_CTX_use_certificate_chain_file(ctx, cert) != 1 || SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1) { ERR_print_errors_fp(stderr); return 0; }
    watch_listener(&tls, &tport);
    return 1;
}
#endif

static void accept_all(const int *listener) {
    int fd, one = 1;
    while ((fd = accept4(*listener, 0, 0, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        conn *c = calloc(1, sizeof *c);
        c->fd = fd; c->hpos = -1;
#ifdef LS_TLS
        if (listener == &tls) { c->ssl = SSL_new(ctx); SSL_set_fd(c->ssl, fd); SSL_set_accept_state(c->ssl); }
#endif
        struct epoll_event ce = { .events = EPOLLIN, .data.ptr = c };
        epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ce);
        n_acc++; n_open++; if (n_open > n_open_max) n_open_max = n_open;
    }
}

static void on_event(const struct epoll_event *e) {
    if (e->data.ptr == &plain || e->data.ptr == &tls) { accept_all(e->data.ptr); return; }
    conn *c = e->data.ptr;
    if (e->events & (EPOLLERR | EPOLLHUP)) { closeconn(c); return; }
    if ((e->events & EPOLLOUT) && c->busy && c->pos < c->lim && pump(c) < 0) return;
    if (e->events & EPOLLIN) on_readable(c);
}

static struct timespec *until_due(struct timespec *ts) {
    if (!nheap) return 0;
    u64 now = now_ns(), due = heap[0]->due, w = due > now ? due - now : 0;
    ts->tv_sec = (time_t)(w / 1000000000ull); ts->tv_nsec = (long)(w % 1000000000ull);
    return ts;
}

static void pump_due(void) {
    if (!nheap) return;
    u64 now = now_ns();
    while (nheap && heap[0]->due <= now) {
        conn *c = heap[0];
        tdel(c);
        if (c->due + 1000000000ull < now) c->due = now;   /* far behind: do not burst */
        tick_slices(c);
        pump(c);
    }
}

static void print_sum(void) {
    struct rusage ru; getrusage(RUSAGE_SELF, &ru);
    fprintf(stderr, "loadserver: %llu requests %llu events %llu sends %llu accepts, user %.3f s sys %.3f s\n", (unsigned long long)n_req,
        (unsigned long long)n_ev, (unsigned long long)n_send, (unsigned long long)n_acc, (double)ru.ru_utime.tv_sec + (double)ru.ru_utime.tv_usec / 1e6,
        (double)ru.ru_stime.tv_sec + (double)ru.ru_stime.tv_usec / 1e6);
}

int main(int argc, char **argv) {
    if (!read_options(argc, argv)) return 2;
    signal(SIGPIPE, SIG_IGN); signal(SIGTERM, on_sig); signal(SIGINT, on_sig);
    if (life) { signal(SIGALRM, on_sig); alarm((unsigned)life); }
    struct rlimit rl; getrlimit(RLIMIT_NOFILE, &rl); rl.rlim_cur = rl.rlim_max; setrlimit(RLIMIT_NOFILE, &rl);
    ep = epoll_create1(EPOLL_CLOEXEC);
    watch_listener(&plain, &port);
#ifdef LS_TLS
    if (tport >= 0 && !start_tls()) return 1;
#endif
    printf("ready %d", port);
#ifdef LS_TLS
    if (tport > 0) printf(" %d", tport);
#endif
    putchar('\n'); fflush(stdout);
    static struct epoll_event ev[512];
    while (!stop) {
        struct timespec ts;
        int k = epoll_pwait2(ep, ev, 512, until_due(&ts), 0);
        if (k < 0 && errno != EINTR) { perror("epoll"); return 1; }
        for (int i = 0; i < k; i++) on_event(&ev[i]);
        pump_due();
    }
    print_sum();
    return 0;
}
