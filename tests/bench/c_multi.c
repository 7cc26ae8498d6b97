/* raw libcurl multi (socket_action + epoll) + simdjson: CONC transfers from one thread */
#include "work.h"
#include "bench_curl.h"
#include <sys/epoll.h>
static bench B; static int ep, streaming, still; static long timeout_ms = -1; static double timer_at = -1; static long started, finished, inflight, total;
static CURLM *M; static struct curl_slist *H; static char url[512];
typedef struct { CURL *c; sse S; char *body; size_t n, cap; double t; char req[1024]; } slot;
static size_t on_write(char *p, size_t a, size_t n, void *u) {
    slot *s = u; n *= a;
    if (streaming) { sse_feed(&B, &s->S, p, n); return n; }
    if (s->n + n + W_PADDING > s->cap) { s->cap = (s->n + n) * 2 + W_PADDING; s->body = realloc(s->body, s->cap); }
    memcpy(s->body + s->n, p, n); s->n += n;
    return n;
}
static int on_sock(CURL *e, curl_socket_t fd, int what, void *u, void *sp) {
    (void)e; (void)u;
    if (what == CURL_POLL_REMOVE) { epoll_ctl(ep, EPOLL_CTL_DEL, fd, 0); return 0; }
    struct epoll_event ev = { .events = (what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u), .data.fd = fd };
    if (sp) epoll_ctl(ep, EPOLL_CTL_MOD, fd, &ev);
    else { epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev); curl_multi_assign(M, fd, &B); }
    return 0;
}
static int on_timer(CURLM *m, long ms, void *u) { (void)m; (void)u; timeout_ms = ms; timer_at = ms < 0 ? -1 : b_now() + (double)ms * 1e3; return 0; }
static void start(slot *s) {
    s->n = 0; s->S.n = 0; s->S.done = 0; s->t = b_now();
    size_t k = w_chat(s->req, streaming);
    curl_easy_setopt(s->c, CURLOPT_POSTFIELDS, s->req); curl_easy_setopt(s->c, CURLOPT_POSTFIELDSIZE, (long)k);
    curl_multi_add_handle(M, s->c); started++; inflight++;
}
static void run(slot *sl, long conc, long n) {
    started = finished = inflight = 0; total = n;
    for (long i = 0; i < conc && i < n; i++) start(&sl[i]);
    static struct epoll_event ev[512];
    while (finished < total) {
        int w = timer_at < 0 ? 1000 : timer_at <= b_now() ? 0 : (int)((timer_at - b_now()) / 1e3) + 1;
        int k = epoll_wait(ep, ev, 512, w);
        if (timer_at >= 0 && timer_at <= b_now()) { timer_at = -1; curl_multi_socket_action(M, CURL_SOCKET_TIMEOUT, 0, &still); }
        for (int i = 0; i < k; i++)
            curl_multi_socket_action(M, ev[i].data.fd, (ev[i].events & EPOLLIN ? CURL_CSELECT_IN : 0) | (ev[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                (ev[i].events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0), &still);
        CURLMsg *m; int q;
        while ((m = curl_multi_info_read(M, &q))) if (m->msg == CURLMSG_DONE) {
            slot *s; curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&s);
            if (m->data.result) { B.errors++; fprintf(stderr, "%s\n", curl_easy_strerror(m->data.result)); }
            curl_multi_remove_handle(M, s->c);
            if (streaming) { if (!s->S.done) B.errors++; } else w_plain_answer(&B, s->body, s->n, s->cap);
            b_lat(&B, b_now() - s->t); finished++; inflight--;
            if (started < total) start(s);
        }
    }
}
int main(int argc, char **argv) {
    b_args(&B, argc, argv);
    streaming = !strcmp(B.mode, "stream");
    struct rlimit rl; getrlimit(RLIMIT_NOFILE, &rl); rl.rlim_cur = rl.rlim_max; setrlimit(RLIMIT_NOFILE, &rl);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    ep = epoll_create1(0); M = curl_multi_init();
    curl_multi_setopt(M, CURLMOPT_SOCKETFUNCTION, on_sock); curl_multi_setopt(M, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(M, CURLMOPT_MAXCONNECTS, B.conc + 16);
    snprintf(url, sizeof url, "%s/chat/completions", B.base);
    H = bc_headers();
    slot *sl = calloc((size_t)B.conc, sizeof *sl);
    for (long i = 0; i < B.conc; i++) {
        CURL *c = sl[i].c = curl_easy_init();
        bc_options(c, url, H);
        curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_write); curl_easy_setopt(c, CURLOPT_WRITEDATA, &sl[i]); curl_easy_setopt(c, CURLOPT_PRIVATE, &sl[i]);
    }
    if (B.warm) run(sl, B.conc, B.warm);
    b_start(&B);
    run(sl, B.conc, B.n);
    b_end(&B, getenv("BENCH_NAME") ? getenv("BENCH_NAME") : "curl-multi+simdjson");
    return B.errors != 0;
}
