/* The transport "curl": libcurl's multi interface driven by our watch, one descriptor at a time. All factories' state is in their own multi, so
   connections, sessions and parsed roots are shared by the calls of one factory.

   libcurl has its own memory; of ours an exchange takes a handle's record, the text of its headers and, where it is short, its body. Handles are
   kept and only what differs from the last request is set again. A callback of libcurl may not remove handles, so what the engine cancels from
   inside one is swept up when libcurl has returned. */
#ifndef LLMFI_NET_CURL_H
#define LLMFI_NET_CURL_H
#include "pins.h"
#include "transport.h"
#include "../base/text.h"
#include "../wire/pull.h"
#include "../wire/url.h"

#if LLMF_HAS_CURL
#ifndef CURL_DISABLE_TYPECHECK
#define CURL_DISABLE_TYPECHECK /* its checks are statement expressions: no C99 */
#endif
#include <curl/curl.h>
#ifndef _WIN32
#include <signal.h>
#endif

/* Bodies up to this many bytes are given to libcurl in one piece. */
#define LLMFI_CURL_WHOLE 16384
/* libcurl asks for "100 Continue" above a size that depends on its version: never wanted. */
#define LLMFI_CURL_EXPECT 1000
/* Buckets of the table of sockets. */
#define LLMFI_CURL_BUCKETS 64
/* No limit, in milliseconds: 0 would mean libcurl's own, five minutes. */
#define LLMFI_CURL_FOREVER 0x7FFFFFFFL

typedef struct llmfi_curl llmfi_curl;

/* A descriptor of libcurl's. Sockets opened through us stay registered while their connection idles. */
typedef struct llmfi_curl_socket {
    llmfi_watcher watch;                     /* first */
    llmfi_curl *c;
    struct llmfi_curl_socket *next;          /* of the bucket, or of the spare ones */
    bool ours;                               /* opened by llmfi_curl_on_open: known until it is closed */
    bool pooled;                             /* of the array made at open */
} llmfi_curl_socket;

enum { LLMFI_CURL_NONE = 0, LLMFI_CURL_GET = 1, LLMFI_CURL_HEAD = 2, LLMFI_CURL_POST = 3, LLMFI_CURL_OTHER = 4 };

/* An easy handle and what it needs to live; in x->state. */
typedef struct llmfi_easy {
    CURL *curl;
#if LIBCURL_VERSION_NUM >= 0x073F00
    CURLU *parts;                            /* of `url` */
#endif
    llmfi_curl *c;
    struct llmfi_easy *next, *prev;          /* those in use; next also of the kept ones */
    llmf_exchange *x;                        /* NULL: kept, or cancelled and not yet swept up */
    llmfi_buf url, head, body, rest;         /* url: as set, with a NUL. head: nodes and text of the headers. rest: what the call had not taken */
    size_t rest_at;
    uint64_t received;
    size_t head_left;                        /* bytes that the reply's head may still have */
    unsigned headers_left;
    int method;                              /* as set: LLMFI_CURL_… */
    long connect_ms;                         /* as set */
    int status;                              /* of the reply that is coming; 0: none yet */
    int failed;                              /* llmf_result that a callback of ours stopped it with; 0: none */
    const char *failed_text;
    CURLcode result;
    bool tls, connected;
    bool unpinned;                           /* libcurl did not take llmf_desc.pinned_keys: https must not be spoken */
    bool fresh;                              /* as set: no kept connection is used */
    bool retried;
    bool head_done;                          /* headers from now on are trailers */
    bool paused;                             /* libcurl keeps data back for us */
    bool held;                               /* the call took too little */
    bool resume;                             /* asked for where libcurl could not be told */
    bool done;                               /* libcurl has finished; only rest is left */
    char error[CURL_ERROR_SIZE];
} llmfi_easy;

struct llmfi_curl {
    llmfi_transport t;                       /* first */
    CURLM *multi;
    llmfi_easy *used, *kept;
    size_t used_count, kept_count, most_kept;
    llmf_exchange *first, *last;             /* to be begun at the next tick; their state is this struct */
    llmfi_curl_socket *bucket[LLMFI_CURL_BUCKETS];
    llmfi_curl_socket *spare, *pool;
    uint64_t timer_ns;                       /* when libcurl wants to run; 0: at once; UINT64_MAX: only when a descriptor is ready */
    llmfi_url_last url;
    long most_connects;                      /* as set: CURLMOPT_MAXCONNECTS */
    size_t cancelled;                        /* handles in use whose exchange has gone */
    bool inside;                             /* libcurl is running */
    bool resumes;                            /* some handle has `resume` set */
    bool any_tls, dead;
};

/* ---- SIGPIPE: libcurl's own sockets never raise it, its TLS libraries' writes do ---- */

#ifdef _WIN32
typedef int llmfi_pipe_guard;
static void llmfi_pipe_guard_on(llmfi_pipe_guard *g, bool need) {
    *g = need;
}
static void llmfi_pipe_guard_off(const llmfi_pipe_guard *g) {
    (void)g;
}
#else
typedef struct llmfi_pipe_guard {
    sigset_t before;
    bool on;                                 /* this thread took the signal until now */
} llmfi_pipe_guard;

static void llmfi_pipe_guard_on(llmfi_pipe_guard *g, bool need) {
    sigset_t pipe_only;
    g->on = false;
    if (!need) return;
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    g->on = !pthread_sigmask(SIG_BLOCK, &pipe_only, &g->before) && !sigismember(&g->before, SIGPIPE);
}

/* One that came meanwhile is ours: it is taken away. */
static void llmfi_pipe_guard_off(const llmfi_pipe_guard *g) {
    sigset_t set;
    int which;
    if (!g->on) return;
    if (!sigpending(&set) && sigismember(&set, SIGPIPE)) {
        sigemptyset(&set);
        sigaddset(&set, SIGPIPE);
        (void)sigwait(&set, &which);
    }
    (void)pthread_sigmask(SIG_SETMASK, &g->before, NULL);
}
#endif

/* ---- descriptors ---- */

static llmfi_curl_socket *llmfi_curl_find(const llmfi_curl *c, curl_socket_t fd) {
    llmfi_curl_socket *s = c->bucket[(size_t)fd % LLMFI_CURL_BUCKETS];
    while (s && s->watch.fd != (intptr_t)fd) s = s->next;
    return s;
}

static void llmfi_curl_action(llmfi_curl *c, curl_socket_t fd, int bits);

static void llmfi_curl_ready(llmfi_watcher *w, int events) {
    llmfi_curl_socket *s = (llmfi_curl_socket *)(void *)w;
    llmfi_curl_action(s->c, (curl_socket_t)w->fd, (events & LLMF_FD_READ ? CURL_CSELECT_IN : 0) | (events & LLMF_FD_WRITE ? CURL_CSELECT_OUT : 0));
}

/* NULL: no memory. */
static llmfi_curl_socket *llmfi_curl_know(llmfi_curl *c, curl_socket_t fd) {
    llmfi_curl_socket *s = c->spare, **bucket = &c->bucket[(size_t)fd % LLMFI_CURL_BUCKETS];
    bool pooled = s != NULL;
    if (s) c->spare = s->next;
    else s = (llmfi_curl_socket *)llmfi_heap_alloc(c->t.net->heap, sizeof *s);
    if (!s) return NULL;
    memset(s, 0, sizeof *s);
    s->watch.fd = (intptr_t)fd;
    s->watch.ready = llmfi_curl_ready;
    s->c = c;
    s->pooled = pooled;
    s->next = *bucket;
    *bucket = s;
    return s;
}

static void llmfi_curl_forget(llmfi_curl *c, llmfi_curl_socket *s) {
    llmfi_curl_socket **at = &c->bucket[(size_t)s->watch.fd % LLMFI_CURL_BUCKETS];
    while (*at != s) at = &(*at)->next;
    *at = s->next;
    llmfi_watch_remove(c->t.net->watch, &s->watch);
    if (s->pooled) {
        s->next = c->spare;
        c->spare = s;
    } else {
        llmfi_heap_free(c->t.net->heap, s);
    }
}

/* libcurl says what it wants to know of a descriptor. */
static int llmfi_curl_on_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *known) {
    llmfi_curl *c = (llmfi_curl *)user;
    llmfi_curl_socket *s = known ? (llmfi_curl_socket *)known : llmfi_curl_find(c, fd);
    int events = (what & CURL_POLL_IN ? LLMF_FD_READ : 0) | (what & CURL_POLL_OUT ? LLMF_FD_WRITE : 0);
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (s && s->ours) (void)llmfi_watch_set(c->t.net->watch, &s->watch, 0); /* lazily: the next request wants it again */
        else if (s) llmfi_curl_forget(c, s);
        return 0;
    }
    if (s && !known && !s->ours) {
        llmfi_curl_forget(c, s); /* another one under a number used before */
        s = NULL;
    }
    if (!s) s = llmfi_curl_know(c, fd);
    if (!s) return -1;
    if (!known) (void)curl_multi_assign(c->multi, fd, s);
    return llmfi_watch_set(c->t.net->watch, &s->watch, events) ? 0 : -1;
}

static curl_socket_t llmfi_curl_on_open(void *user, curlsocktype purpose, struct curl_sockaddr *address) {
    llmfi_curl *c = (llmfi_curl *)user;
    llmfi_curl_socket *s;
    curl_socket_t fd;
#if defined(SOCK_CLOEXEC) && defined(__linux__)
    fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
#else
    fd = socket(address->family, address->socktype, address->protocol);
#ifdef FD_CLOEXEC
    if (fd != CURL_SOCKET_BAD) (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
#endif
#endif
    (void)purpose;
    if (fd == CURL_SOCKET_BAD) return fd;
    s = llmfi_curl_find(c, fd);
    if (s) llmfi_curl_forget(c, s); /* closed by libcurl without a word: its resolver's */
    s = llmfi_curl_know(c, fd);
    if (!s) {
        LLMFI_SYS_CLOSE(fd);
        return CURL_SOCKET_BAD;
    }
    s->ours = true;
    return fd;
}

static int llmfi_curl_on_close(void *user, curl_socket_t fd) {
    llmfi_curl *c = (llmfi_curl *)user;
    llmfi_curl_socket *s = llmfi_curl_find(c, fd);
    if (s) llmfi_curl_forget(c, s);
    return LLMFI_SYS_CLOSE(fd);
}

static int llmfi_curl_on_timer(CURLM *multi, long ms, void *user) {
    llmfi_curl *c = (llmfi_curl *)user;
    (void)multi;
    c->timer_ns = ms < 0 ? UINT64_MAX : ms ? c->t.net->now_ns(c->t.net) + (uint64_t)ms * 1000000u : 0;
    return 0;
}

/* ---- the reply ---- */

/* Stops the transfer from inside a callback: what the callback must return. */
static size_t llmfi_easy_stop(llmfi_easy *e, int result, const char *text) {
    e->failed = result;
    e->failed_text = text;
    return 0;
}

static void llmfi_easy_connected(llmfi_easy *e) {
    if (e->connected || !e->x) return;
    e->connected = true;
    llmfi_exchange_connected(e->x);
}

/* "HTTP/2 200", "HTTP/1.1 200 OK": the number, or 0. */
static int llmfi_curl_status(llmf_str line) {
    size_t at = llmfi_find_char(line, ' ');
    llmf_str n = llmfi_from(line, at == LLMFI_NOWHERE ? line.len : at + 1);
    if (n.len < 3 || !llmfi_is_digit(n.ptr[0]) || !llmfi_is_digit(n.ptr[1]) || !llmfi_is_digit(n.ptr[2])) return 0;
    return (n.ptr[0] - '0') * 100 + (n.ptr[1] - '0') * 10 + (n.ptr[2] - '0');
}

/* A line of a final reply's head. Bytes taken, fewer: stop. */
static size_t llmfi_easy_header(llmfi_easy *e, llmf_str line, size_t len) {
    size_t colon = llmfi_find_char(line, ':');
    llmf_str name, value;
    if (colon == LLMFI_NOWHERE) return len;
    if (!e->headers_left--) return llmfi_easy_stop(e, LLMF_ERR_LIMIT, "more headers in the reply than LLMF_MAX_HEADERS");
    name = llmfi_str(line.ptr, colon);
    if (!llmfi_header_wanted(e->x, name, e->status)) return len;
    value = llmfi_trim(llmfi_from(line, colon + 1));
    if (name.len == 16 && value.len && llmfi_eq_nocase(name, LLMFI_LIT("content-encoding")) && !llmfi_eq_nocase(value, LLMFI_LIT("identity")))
        return llmfi_easy_stop(e, LLMF_ERR_PROTOCOL, "the reply is compressed, which was not asked for");
    llmf_exchange_header(e->x, name, value);
    return e->x ? len : 0;
}

static size_t llmfi_curl_on_header(char *ptr, size_t size, size_t count, void *user) {
    llmfi_easy *e = (llmfi_easy *)user;
    size_t len = size * count;
    llmf_str line = llmfi_str(ptr, len);
    if (e->status >= 200 && len > 2 && e->x && !e->head_done && len <= e->head_left) { /* as good as all of them */
        e->head_left -= len;
        return llmfi_easy_header(e, line, len);
    }
    while (line.len && (line.ptr[line.len - 1] == '\n' || line.ptr[line.len - 1] == '\r')) line.len--;
    if (!e->x) return 0;
    if (e->head_done) return len; /* a trailer: of no effect */
    if (len > e->head_left) return llmfi_easy_stop(e, LLMF_ERR_LIMIT, "the head of the reply is longer than LLMF_MAX_HEAD");
    e->head_left -= len;
    if (e->status < 200 && llmfi_starts(line, LLMFI_LIT("HTTP/"))) {
        e->status = llmfi_curl_status(line);
        if (e->status < 100) return llmfi_easy_stop(e, LLMF_ERR_PROTOCOL, "not an HTTP status");
        if (e->status < 200) return len;
        llmfi_easy_connected(e);
        if (e->x) llmf_exchange_status(e->x, e->status);
        return e->x ? len : 0;
    }
    if (e->status < 200) return len;
    e->head_done = !line.len; /* else two bytes, which are no header */
    return len;
}

/* Keeps what the call did not take; what libcurl has beyond it stays there. */
static size_t llmfi_easy_hold(llmfi_easy *e, const char *ptr, size_t len, size_t taken) {
    e->held = true;
    e->rest_at = 0;
    e->rest.len = 0;
    if (llmfi_buf_add(&e->rest, ptr + taken, len - taken)) return len;
    return llmfi_easy_stop(e, LLMF_ERR_MEMORY, "no memory for what the call has not yet taken: raise memory_size");
}

static size_t llmfi_curl_on_data(char *ptr, size_t size, size_t count, void *user) {
    llmfi_easy *e = (llmfi_easy *)user;
    size_t len = size * count, taken;
    uint64_t most = e->c->t.net->desc->max_response;
    if (!e->x) return len ? 0 : 1;
    if (!len) return 0;
    if (e->held) {
        e->paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    e->received += len;
    if (most && e->received > most) return llmfi_easy_stop(e, LLMF_ERR_LIMIT, "the body of the reply is longer than its limit (max_response)");
    taken = llmf_exchange_data(e->x, ptr, len);
    if (!e->x) return 0;
    return taken < len ? llmfi_easy_hold(e, ptr, len, taken) : len;
}

/* ---- the request's body, where it is long ---- */

static size_t llmfi_curl_on_read(char *out, size_t size, size_t count, void *user) {
    llmfi_easy *e = (llmfi_easy *)user;
    size_t n = e->x ? llmf_exchange_read(e->x, out, size * count) : 0;
    return e->x ? n : CURL_READFUNC_ABORT;
}

static int llmfi_curl_on_seek(void *user, curl_off_t offset, int origin) {
    llmfi_easy *e = (llmfi_easy *)user;
    char skip[512];
    if (!e->x || origin != SEEK_SET || offset < 0) return CURL_SEEKFUNC_FAIL;
    llmf_exchange_rewind(e->x);
    while (offset > 0) {
        size_t n = llmf_exchange_read(e->x, skip, offset < (curl_off_t)sizeof skip ? (size_t)offset : sizeof skip);
        if (!n) return CURL_SEEKFUNC_FAIL;
        offset -= (curl_off_t)n;
    }
    return CURL_SEEKFUNC_OK;
}

#if LIBCURL_VERSION_NUM >= 0x075000
static int llmfi_curl_on_prereq(void *user, char *primary_ip, char *local_ip, int primary_port, int local_port) {
    llmfi_easy *e = (llmfi_easy *)user;
    (void)primary_ip, (void)local_ip, (void)primary_port, (void)local_port;
    llmfi_easy_connected(e);
    return e->x ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}
#endif

/* ---- handles ---- */

static void llmfi_easy_set_tls(llmfi_easy *e, const llmf_desc *d) {
    CURL *h = e->curl;
    bool no_path = true;
#if LIBCURL_VERSION_NUM >= 0x074600
    /* The path of roots switches libcurl's cache of the parsed file off: 35 times the cost of a new connection. */
    no_path = d->ca_file || d->ca_pem || curl_version_info(CURLVERSION_NOW)->cainfo;
#endif
    if (no_path) (void)curl_easy_setopt(h, CURLOPT_CAPATH, (char *)NULL);
    if (d->ca_file) (void)curl_easy_setopt(h, CURLOPT_CAINFO, d->ca_file);
#if LIBCURL_VERSION_NUM >= 0x074D00
    if (d->ca_pem) {
        struct curl_blob pem;
        pem.data = (void *)(uintptr_t)d->ca_pem; /* only read */
        pem.len = llmfi_strlen(d->ca_pem);
        pem.flags = CURL_BLOB_NOCOPY;
        (void)curl_easy_setopt(h, CURLOPT_CAINFO_BLOB, &pem);
    }
#endif
    if (d->pinned_keys) {
        e->unpinned = true;
#if LIBCURL_VERSION_NUM >= 0x072C00
        e->unpinned = curl_easy_setopt(h, CURLOPT_PINNEDPUBLICKEY, d->pinned_keys) != CURLE_OK;
#endif
    }
    if (!d->insecure_tls) return;
    (void)curl_easy_setopt(h, CURLOPT_SSL_VERIFYPEER, 0L);
    (void)curl_easy_setopt(h, CURLOPT_SSL_VERIFYHOST, 0L);
}

/* What no request changes. */
static void llmfi_easy_set(llmfi_easy *e) {
    CURL *h = e->curl;
    const llmf_desc *d = e->c->t.net->desc;
    (void)curl_easy_setopt(h, CURLOPT_PRIVATE, e);
    (void)curl_easy_setopt(h, CURLOPT_ERRORBUFFER, e->error);
    (void)curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L); /* a redirect would carry the key to another host */
    (void)curl_easy_setopt(h, CURLOPT_PATH_AS_IS, 1L);
    (void)curl_easy_setopt(h, CURLOPT_PROXY, d->proxy ? d->proxy : ""); /* "": not the environment's either */
    if (!d->proxy) (void)curl_easy_setopt(h, CURLOPT_NOPROXY, "*");      /* nor is it asked about exceptions for each request */
    (void)curl_easy_setopt(h, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    (void)curl_easy_setopt(h, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    (void)curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, llmfi_curl_on_data);
    (void)curl_easy_setopt(h, CURLOPT_WRITEDATA, e);
    (void)curl_easy_setopt(h, CURLOPT_HEADERFUNCTION, llmfi_curl_on_header);
    (void)curl_easy_setopt(h, CURLOPT_HEADERDATA, e);
    (void)curl_easy_setopt(h, CURLOPT_READFUNCTION, llmfi_curl_on_read);
    (void)curl_easy_setopt(h, CURLOPT_READDATA, e);
    (void)curl_easy_setopt(h, CURLOPT_SEEKFUNCTION, llmfi_curl_on_seek);
    (void)curl_easy_setopt(h, CURLOPT_SEEKDATA, e);
    (void)curl_easy_setopt(h, CURLOPT_OPENSOCKETFUNCTION, llmfi_curl_on_open);
    (void)curl_easy_setopt(h, CURLOPT_OPENSOCKETDATA, e->c);
    (void)curl_easy_setopt(h, CURLOPT_CLOSESOCKETFUNCTION, llmfi_curl_on_close);
    (void)curl_easy_setopt(h, CURLOPT_CLOSESOCKETDATA, e->c);
#if LIBCURL_VERSION_NUM >= 0x075000
    (void)curl_easy_setopt(h, CURLOPT_PREREQFUNCTION, llmfi_curl_on_prereq);
    (void)curl_easy_setopt(h, CURLOPT_PREREQDATA, e);
#endif
    if (d->max_idle < 0) (void)curl_easy_setopt(h, CURLOPT_FORBID_REUSE, 1L);
    llmfi_easy_set_tls(e, d);
}

static void llmfi_easy_free(llmfi_easy *e) {
    llmfi_heap *heap = e->c->t.net->heap;
    if (e->curl) curl_easy_cleanup(e->curl);
#if LIBCURL_VERSION_NUM >= 0x073F00
    curl_url_cleanup(e->parts);
#endif
    llmfi_buf_free(&e->url);
    llmfi_buf_free(&e->head);
    llmfi_buf_free(&e->body);
    llmfi_buf_free(&e->rest);
    llmfi_heap_free(heap, e);
}

/* A kept handle or a new one, in use; NULL: no memory. */
static llmfi_easy *llmfi_easy_take(llmfi_curl *c) {
    llmfi_easy *e = c->kept;
    if (e) {
        c->kept = e->next;
        c->kept_count--;
    } else {
        e = (llmfi_easy *)llmfi_heap_alloc(c->t.net->heap, sizeof *e);
        if (!e) return NULL;
        memset(e, 0, sizeof *e);
        e->c = c;
        llmfi_buf_init(&e->url, c->t.net->heap, 0);
        llmfi_buf_init(&e->head, c->t.net->heap, 0);
        llmfi_buf_init(&e->body, c->t.net->heap, 0);
        llmfi_buf_init(&e->rest, c->t.net->heap, 0);
        e->curl = curl_easy_init();
        if (!e->curl) {
            llmfi_easy_free(e);
            return NULL;
        }
        llmfi_easy_set(e);
    }
    e->prev = NULL;
    e->next = c->used;
    if (e->next) e->next->prev = e;
    c->used = e;
    c->used_count++;
    return e;
}

/* libcurl closes idle connections when there are more than this, those in use counted in. */
static void llmfi_curl_limit(llmfi_curl *c) {
    const llmf_desc *d = c->t.net->desc;
    size_t idle = d->max_idle > 0 ? (size_t)d->max_idle : 10;
    long most = (long)(c->used_count + idle);
    if (most != c->most_connects) (void)curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, most);
    c->most_connects = most;
}

/* Out of the multi and back to the kept ones. Not from inside libcurl. */
static void llmfi_easy_give(llmfi_easy *e, bool added) {
    llmfi_curl *c = e->c;
    llmfi_pipe_guard guard;
    if (e->x) e->x->state = NULL;
    else c->cancelled--;
    e->x = NULL;
    c->inside = true;
    llmfi_pipe_guard_on(&guard, c->any_tls);
    if (added) (void)curl_multi_remove_handle(c->multi, e->curl);
    llmfi_pipe_guard_off(&guard);
    c->inside = false;
    if (e->prev) e->prev->next = e->next;
    else c->used = e->next;
    if (e->next) e->next->prev = e->prev;
    c->used_count--;
    llmfi_buf_free(&e->rest);
    llmfi_wire_drop(&e->body);
    if (e->head.ptr) memset(e->head.ptr, 0, e->head.cap); /* the key was in it */
    llmfi_wire_drop(&e->head);
    if (c->kept_count >= c->most_kept) {
        llmfi_easy_free(e);
        return;
    }
    e->next = c->kept;
    c->kept = e;
    c->kept_count++;
}

/* ---- what an end means ---- */

/* OpenSSL's verdict on the certificate, in words; "" where there is none. Other libraries number them in their own ways or not at all. */
static const char *llmfi_curl_verdict(CURL *easy) {
    long verdict = 0;
    const char *library = curl_version_info(CURLVERSION_NOW)->ssl_version;
    if (!library || !strstr(library, "SSL/") || curl_easy_getinfo(easy, CURLINFO_SSL_VERIFYRESULT, &verdict)) return "";
    switch (verdict) {
    case 9: return "the server's certificate is not valid yet (is the clock right?)";
    case 10: return "the server's certificate has expired (is the clock right?)";
    case 18: return "the server's certificate is self-signed: unknown issuer. Set ca_file or ca_pem if that is right";
    case 19:
    case 20:
    case 21: return "the server's certificate comes from an unknown issuer. Set ca_file or ca_pem to its root if that is right";
    case 23: return "the server's certificate was revoked";
    case 62: return "the server's certificate is for another host";
    default: return "";
    }
}

static int llmfi_curl_tls_error(llmfi_easy *e, llmfi_text *t) {
    const char *verdict = llmfi_curl_verdict(e->curl);
    if (e->result == CURLE_SSL_PINNEDPUBKEYNOTMATCH) llmfi_say_c(t, LLMFI_PINS_WORDS);
    else if (e->result == CURLE_SSL_CACERT_BADFILE) LLMFI_SAY(t, "the roots to verify with cannot be read: see ca_file and ca_pem");
    else if (verdict[0]) llmfi_say_c(t, verdict);
    else if (strstr(e->error, "match") && (strstr(e->error, "host") || strstr(e->error, "subject"))) LLMFI_SAY(t, "the server's certificate is for another host");
    else LLMFI_SAY(t, "no TLS connection");
    return LLMF_ERR_TLS;
}

/* The llmf_result of e->result, and its sentence. */
static int llmfi_curl_meaning(llmfi_easy *e, llmfi_text *t) {
    bool begun = e->status >= 200;
    switch ((int)e->result) {
    case CURLE_COULDNT_RESOLVE_HOST: LLMFI_SAY(t, "no address known for this host"); return LLMF_ERR_NETWORK;
    case CURLE_COULDNT_RESOLVE_PROXY: LLMFI_SAY(t, "no address known for the proxy"); return LLMF_ERR_NETWORK;
    case CURLE_COULDNT_CONNECT: LLMFI_SAY(t, "connect"); return LLMF_ERR_NETWORK;
    case CURLE_OPERATION_TIMEDOUT: LLMFI_SAY(t, "connect: the time set for it (connect_ms) is over"); return LLMF_ERR_TIMEOUT;
    case CURLE_OUT_OF_MEMORY: LLMFI_SAY(t, "libcurl has no memory left"); return LLMF_ERR_MEMORY;
    case CURLE_URL_MALFORMAT: LLMFI_SAY(t, "libcurl refuses the URL"); return LLMF_ERR_ARGUMENT;
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_CONTENT_ENCODING:
    case CURLE_HTTP2: LLMFI_SAY(t, "the reply is not HTTP"); return LLMF_ERR_PROTOCOL;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CRL_BADFILE:
    case CURLE_SSL_ENGINE_NOTFOUND:
    case CURLE_SSL_INVALIDCERTSTATUS: return llmfi_curl_tls_error(e, t);
    default: break;
    }
    if (strstr(e->error, "chunk")) {
        LLMFI_SAY(t, "the reply is not HTTP");
        return LLMF_ERR_PROTOCOL;
    }
    llmfi_say_c(t, begun ? "the connection ended within the reply" : "the connection ended before a reply came");
    return begun ? LLMF_ERR_TRUNCATED : LLMF_ERR_NETWORK;
}

static void llmfi_curl_where(const llmf_exchange *x, llmfi_text *t) {
    llmfi_url url;
    llmfi_url_error bad;
    if (!llmfi_url_parse(x->req.url, &url, &bad)) return;
    llmfi_say(t, url.host);
    LLMFI_SAY(t, ":");
    llmfi_say_int(t, url.port);
    LLMFI_SAY(t, ": ");
}

/* The transfer is over and all of it was taken: gives the handle back and tells the engine. */
static void llmfi_easy_end(llmfi_easy *e, bool added) {
    llmf_exchange *x = e->x;
    char text[512];
    llmfi_text t = llmfi_text_in(text, sizeof text);
    int result = e->failed;
    if (!x || (e->result == CURLE_OK && !result)) {
        llmfi_easy_give(e, added);
        if (x) llmf_exchange_end(x, LLMF_OK, NULL);
        return;
    }
    llmfi_curl_where(x, &t);
    if (result) {
        llmfi_say_c(&t, e->failed_text);
    } else {
        result = llmfi_curl_meaning(e, &t);
        LLMFI_SAY(&t, ": ");
        llmfi_say_c(&t, e->error[0] ? e->error : curl_easy_strerror(e->result));
    }
    llmfi_easy_give(e, added);
    llmf_exchange_end(x, result, text);
}

/* ---- a request ---- */

/* NULL, or why it must not be sent so. */
static const char *llmfi_curl_refuse(llmfi_curl *c, const llmf_exchange *x) {
    const llmf_http_request *r = &x->req;
    size_t i;
    if (!llmfi_url_again(&c->url, r->url)) return "the URL is not one that begins with http:// or https://";
    if (x->checked) return NULL;
    if (llmfi_header_bad_name(r->method) != LLMFI_NOWHERE || r->method.len > 15) return "the method is not one";
    for (i = 0; i < r->header_count; i++) {
        llmf_str name = r->headers[i].name;
        if (!llmfi_header_ok(name, r->headers[i].value)) return "a character that no header may have";
        if ((name.len == 4 && llmfi_eq_nocase(name, LLMFI_LIT("host"))) || (name.len == 14 && llmfi_eq_nocase(name, LLMFI_LIT("content-length"))) ||
            (name.len == 17 && llmfi_eq_nocase(name, LLMFI_LIT("transfer-encoding"))))
            return "a header that the transport writes itself";
    }
    return NULL;
}

/* Room for the nodes of the list and the text of its lines, in one piece: libcurl only reads it. */
static bool llmfi_easy_headers(llmfi_easy *e, const llmf_http_request *r) {
    size_t lines = r->header_count + 2, size = lines * (sizeof(struct curl_slist) + 4), i, n = 0;
    struct curl_slist *node;
    char *at;
    bool typed = false;
    for (i = 0; i < r->header_count; i++) {
        if (r->headers[i].value.len > (size_t)-1 / 8 || r->headers[i].name.len > (size_t)-1 / 8) return false;
        size += r->headers[i].name.len + r->headers[i].value.len;
    }
    e->head.len = 0;
    if (!llmfi_buf_reserve(&e->head, size + sizeof "Content-Type:" + sizeof "Expect:")) return false;
    node = (struct curl_slist *)(void *)e->head.ptr;
    at = e->head.ptr + lines * sizeof *node;
    for (i = 0; i < r->header_count; i++) {
        llmf_str name = r->headers[i].name, value = r->headers[i].value;
        typed = typed || (name.len == 12 && llmfi_eq_nocase(name, LLMFI_LIT("content-type")));
        node[n++].data = at;
        memcpy(at, name.ptr, name.len);
        at += name.len;
        *at++ = value.len ? ':' : ';'; /* libcurl's way to send an empty one */
        if (value.len) *at++ = ' ';
        if (value.len) memcpy(at, value.ptr, value.len);
        at += value.len;
        *at++ = '\0';
    }
    if (!typed && r->body_len) {
        node[n++].data = at; /* not the form type that libcurl would name */
        memcpy(at, "Content-Type:", sizeof "Content-Type:");
        at += sizeof "Content-Type:";
    }
    if (r->body_len > LLMFI_CURL_EXPECT) {
        node[n++].data = at;
        memcpy(at, "Expect:", sizeof "Expect:");
    }
    for (i = 0; i < n; i++) node[i].next = i + 1 < n ? &node[i + 1] : NULL;
    return curl_easy_setopt(e->curl, CURLOPT_HTTPHEADER, n ? node : NULL) == CURLE_OK;
}

static bool llmfi_easy_url(llmfi_easy *e, llmf_str url) {
    if (e->url.len == url.len + 1 && !memcmp(e->url.ptr, url.ptr, url.len)) return true;
    e->url.len = 0;
    if (!llmfi_buf_add(&e->url, url.ptr, url.len) || !llmfi_buf_add(&e->url, "", 1)) return false;
#if LIBCURL_VERSION_NUM >= 0x073F00
    /* Parsed once, as long as the same URL is asked for: libcurl parses a CURLOPT_URL anew for each request, 4 % of all that it does for one. */
    if (!e->parts) e->parts = curl_url();
    if (e->parts && curl_url_set(e->parts, CURLUPART_URL, e->url.ptr, CURLU_PATH_AS_IS)) {
        e->url.len = 0;
        return llmfi_easy_stop(e, LLMF_ERR_ARGUMENT, "libcurl refuses the URL") != 0;
    }
    return e->parts && curl_easy_setopt(e->curl, CURLOPT_CURLU, e->parts) == CURLE_OK;
#else
    return curl_easy_setopt(e->curl, CURLOPT_URL, e->url.ptr) == CURLE_OK;
#endif
}

static void llmfi_easy_method(llmfi_easy *e, const llmf_http_request *r) {
    int method = LLMFI_IS(r->method, "POST") ? LLMFI_CURL_POST : r->body_len ? LLMFI_CURL_OTHER : LLMFI_IS(r->method, "GET") ? LLMFI_CURL_GET : LLMFI_IS(r->method, "HEAD") ? LLMFI_CURL_HEAD : LLMFI_CURL_OTHER;
    char name[16];
    if (method == e->method && method != LLMFI_CURL_OTHER) return;
    e->method = method;
    if (e->method) (void)curl_easy_setopt(e->curl, CURLOPT_CUSTOMREQUEST, (char *)NULL);
    (void)curl_easy_setopt(e->curl, CURLOPT_NOBODY, (long)(method == LLMFI_CURL_HEAD));
    if (method == LLMFI_CURL_GET) (void)curl_easy_setopt(e->curl, CURLOPT_HTTPGET, 1L);
    if (method == LLMFI_CURL_POST || method == LLMFI_CURL_OTHER) (void)curl_easy_setopt(e->curl, CURLOPT_POST, 1L);
    if (method != LLMFI_CURL_OTHER) return;
    memcpy(name, r->method.ptr, r->method.len);
    name[r->method.len] = '\0';
    (void)curl_easy_setopt(e->curl, CURLOPT_CUSTOMREQUEST, name);
}

/* Where libcurl finds the body: in e->body, or by llmfi_curl_on_read. */
static bool llmfi_easy_body(llmfi_easy *e, llmf_exchange *x) {
    size_t len = x->req.body_len <= LLMFI_CURL_WHOLE ? (size_t)x->req.body_len : 0;
    bool whole = x->req.body_len <= LLMFI_CURL_WHOLE;
    if (e->method == LLMFI_CURL_GET || e->method == LLMFI_CURL_HEAD) return true;
    e->body.len = 0;
    if (whole && !llmfi_buf_reserve(&e->body, len + 1)) return false;
    while (e->body.len < len) {
        size_t n = llmf_exchange_read(x, e->body.ptr + e->body.len, len - e->body.len);
        if (!e->x) return false;
        if (!n) return llmfi_easy_stop(e, LLMF_ERR_ARGUMENT, "the request's body is shorter than was announced") != 0;
        e->body.len += n;
    }
    (void)curl_easy_setopt(e->curl, CURLOPT_POSTFIELDS, whole ? e->body.ptr : (char *)NULL);
    (void)curl_easy_setopt(e->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)x->req.body_len);
    return true;
}

static void llmfi_easy_timeout(llmfi_easy *e, const llmf_exchange *x) {
    uint64_t now = x->deadline_ns && x->req.connect_timeout_ms <= 0 ? e->c->t.net->now_ns(e->c->t.net) : 0;
    int64_t ms = x->req.connect_timeout_ms;
    long set;
    if (ms <= 0 && x->deadline_ns) ms = x->deadline_ns > now ? (int64_t)((x->deadline_ns - now + 999999) / 1000000) : 1;
    set = ms > 0 && ms < LLMFI_CURL_FOREVER ? (long)ms : LLMFI_CURL_FOREVER;
    if (set == e->connect_ms) return;
    e->connect_ms = set;
    (void)curl_easy_setopt(e->curl, CURLOPT_CONNECTTIMEOUT_MS, set);
}

static void llmfi_easy_fresh(llmfi_easy *e, bool fresh) {
    if (e->fresh != fresh) (void)curl_easy_setopt(e->curl, CURLOPT_FRESH_CONNECT, (long)fresh);
    e->fresh = fresh;
}

/* Hands x to libcurl; it runs at the next action. */
static void llmfi_curl_begin(llmfi_curl *c, llmf_exchange *x) {
    llmfi_easy *e = llmfi_easy_take(c);
    bool ready, added = false;
    if (!e) {
        x->state = NULL;
        llmf_exchange_end(x, LLMF_ERR_MEMORY, "no memory for a request: raise memory_size");
        return;
    }
    e->x = x;
    x->state = e;
    e->received = 0;
    e->head_left = LLMF_MAX_HEAD;
    e->headers_left = LLMF_MAX_HEADERS;
    e->status = 0;
    e->failed = LLMF_OK;
    e->result = CURLE_OK;
    e->connected = e->retried = e->head_done = e->paused = e->held = e->resume = e->done = false;
    e->error[0] = '\0';
    e->tls = x->req.url.len > 5 && llmfi_lower(x->req.url.ptr[4]) == 's';
    c->any_tls = c->any_tls || e->tls;
    ready = llmfi_easy_url(e, x->req.url) && llmfi_easy_headers(e, &x->req);
    llmfi_easy_fresh(e, false);
    llmfi_easy_timeout(e, x);
    llmfi_easy_method(e, &x->req);
    c->inside = true; /* whoever writes the body may cancel */
    ready = ready && llmfi_easy_body(e, x);
    c->inside = false;
    if (!e->x) {
        llmfi_easy_give(e, false);
        return;
    }
    if (e->tls && e->unpinned && !e->failed) (void)llmfi_easy_stop(e, LLMF_ERR_TLS, "this libcurl, or its TLS library, cannot look for llmf_desc.pinned_keys");
    if (!ready && !e->failed) (void)llmfi_easy_stop(e, LLMF_ERR_MEMORY, "no memory for a request: raise memory_size");
    if (!e->failed) added = !c->dead && curl_multi_add_handle(c->multi, e->curl) == CURLM_OK;
    if (!e->failed && !added) (void)llmfi_easy_stop(e, LLMF_ERR_NETWORK, "libcurl takes no more requests");
    if (e->failed) llmfi_easy_end(e, false);
}

/* ---- running libcurl ---- */

/* Handles whose exchange was cancelled while libcurl ran. */
static void llmfi_curl_sweep(llmfi_curl *c) {
    llmfi_easy *e = c->used, *next;
    for (; e && c->cancelled; e = next) {
        next = e->next;
        if (!e->x) llmfi_easy_give(e, true);
    }
}

/* A kept connection died before it said anything. libcurl itself tries again only where nothing of a long body was sent. */
static bool llmfi_easy_retry(llmfi_easy *e) {
    long connects = 1;
    if (!e->x || e->failed || e->retried || e->head_left != LLMF_MAX_HEAD) return false;
    if (e->result != CURLE_SEND_ERROR && e->result != CURLE_RECV_ERROR && e->result != CURLE_GOT_NOTHING) return false;
    if (curl_easy_getinfo(e->curl, CURLINFO_NUM_CONNECTS, &connects) || connects) return false;
    (void)curl_multi_remove_handle(e->c->multi, e->curl);
    if (e->x->req.body_len > LLMFI_CURL_WHOLE) llmf_exchange_rewind(e->x);
    llmfi_easy_fresh(e, true);
    e->retried = true;
    e->error[0] = '\0';
    if (curl_multi_add_handle(e->c->multi, e->curl) == CURLM_OK) return true;
    (void)llmfi_easy_stop(e, LLMF_ERR_NETWORK, "libcurl takes no more requests");
    llmfi_easy_end(e, false);
    return true;
}

/* What libcurl has finished. The engine may cancel others meanwhile, so each question begins anew. */
static void llmfi_curl_collect(llmfi_curl *c) {
    CURLMsg *m;
    int left;
    while ((m = curl_multi_info_read(c->multi, &left)) != NULL) {
        char *private_data = NULL;
        llmfi_easy *e;
        if (m->msg != CURLMSG_DONE) continue;
        (void)curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &private_data);
        e = (llmfi_easy *)(void *)private_data;
        e->result = m->data.result;
        if (llmfi_easy_retry(e)) continue;
        e->done = true;
        if (e->result == CURLE_OK && !e->head_done) e->result = CURLE_PARTIAL_FILE; /* libcurl lets a head pass that is cut off */
        if (!e->x || !e->held || e->failed) llmfi_easy_end(e, true);
    }
}

static void llmfi_curl_broken(llmfi_curl *c) {
    c->dead = true;
    while (c->used) {
        c->used->held = false;
        (void)llmfi_easy_stop(c->used, LLMF_ERR_NETWORK, "libcurl cannot go on: no memory or no descriptors");
        llmfi_easy_end(c->used, true);
    }
}

static void llmfi_curl_after(llmfi_curl *c) {
    if (c->cancelled) llmfi_curl_sweep(c);
    llmfi_curl_collect(c);
}

static void llmfi_curl_action(llmfi_curl *c, curl_socket_t fd, int bits) {
    llmfi_pipe_guard guard;
    CURLMcode code;
    int running;
    if (c->inside || c->dead) return;
    if (fd == CURL_SOCKET_TIMEOUT) c->timer_ns = UINT64_MAX;
    c->inside = true;
    llmfi_pipe_guard_on(&guard, c->any_tls);
    code = curl_multi_socket_action(c->multi, fd, bits, &running);
    llmfi_pipe_guard_off(&guard);
    c->inside = false;
    llmfi_curl_after(c);
    if (code != CURLM_OK && code != CURLM_BAD_SOCKET) llmfi_curl_broken(c);
}

/* ---- the transport ---- */

static int llmfi_curl_start(llmfi_transport *t, llmf_exchange *x) {
    llmfi_curl *c = (llmfi_curl *)(void *)t;
    t->why = llmfi_curl_refuse(c, x);
    if (t->why) return LLMF_ERR_ARGUMENT;
    x->state = c;
    x->next = NULL;
    x->prev = c->last;
    if (c->last) c->last->next = x;
    else c->first = x;
    c->last = x;
    return LLMF_OK;
}

static void llmfi_curl_unqueue(llmfi_curl *c, llmf_exchange *x) {
    if (x->prev) x->prev->next = x->next;
    else c->first = x->next;
    if (x->next) x->next->prev = x->prev;
    else c->last = x->prev;
    x->next = x->prev = NULL;
    x->state = NULL;
}

static void llmfi_curl_cancel(llmfi_transport *t, llmf_exchange *x) {
    llmfi_curl *c = (llmfi_curl *)(void *)t;
    llmfi_easy *e;
    if (x->state == c) {
        llmfi_curl_unqueue(c, x);
        return;
    }
    e = (llmfi_easy *)x->state;
    x->state = NULL;
    e->x = NULL;
    c->cancelled++;
    if (!c->inside) llmfi_easy_give(e, true);
}

/* Lets libcurl hand out what it keeps back, and read on. */
static void llmfi_easy_unpause(llmfi_easy *e) {
    llmfi_curl *c = e->c;
    llmfi_pipe_guard guard;
    if (!e->paused || e->done) return;
    e->paused = false;
    c->inside = true;
    llmfi_pipe_guard_on(&guard, e->tls);
    (void)curl_easy_pause(e->curl, CURLPAUSE_CONT);
    llmfi_pipe_guard_off(&guard);
    c->inside = false;
    llmfi_curl_after(c);
}

static void llmfi_curl_resume(llmfi_transport *t, llmf_exchange *x) {
    llmfi_curl *c = (llmfi_curl *)(void *)t;
    llmfi_easy *e = x->state && x->state != (void *)c ? (llmfi_easy *)x->state : NULL;
    if (!e || !e->held) return;
    if (c->inside) {
        e->resume = c->resumes = true;
        return;
    }
    e->resume = false;
    while (e->rest_at < e->rest.len) {
        size_t left = e->rest.len - e->rest_at, taken = llmf_exchange_data(x, e->rest.ptr + e->rest_at, left);
        if (e->x != x) return;
        e->rest_at += taken < left ? taken : left;
        if (taken < left) return;
    }
    e->held = false;
    llmfi_buf_free(&e->rest);
    e->rest_at = 0;
    if (e->done) llmfi_easy_end(e, true);
    else llmfi_easy_unpause(e);
}

static void llmfi_curl_resume_all(llmfi_curl *c) {
    llmfi_easy *e;
    c->resumes = false;
    for (e = c->used; e; e = e->next) {
        if (!e->resume || !e->x) continue;
        c->resumes = true; /* the list may change: the rest next time */
        llmfi_curl_resume(&c->t, e->x);
        return;
    }
}

static void llmfi_curl_tick(llmfi_transport *t) {
    llmfi_curl *c = (llmfi_curl *)(void *)t;
    bool begun = c->first != NULL;
    while (c->first) {
        llmf_exchange *x = c->first;
        llmfi_curl_unqueue(c, x);
        llmfi_curl_begin(c, x);
        if (llmfi_slice_over(t->net)) break;
    }
    if (begun) llmfi_curl_limit(c);
    if (c->resumes) llmfi_curl_resume_all(c);
    if (c->timer_ns != UINT64_MAX && (!c->timer_ns || t->net->now_ns(t->net) >= c->timer_ns)) llmfi_curl_action(c, CURL_SOCKET_TIMEOUT, 0);
}

static int64_t llmfi_curl_wait_ms(llmfi_transport *t) {
    llmfi_curl *c = (llmfi_curl *)(void *)t;
    uint64_t now;
    if (c->first || c->resumes) return 0;
    if (c->timer_ns == UINT64_MAX) return -1;
    if (!c->timer_ns) return 0;
    now = t->net->now_ns(t->net);
    return now >= c->timer_ns ? 0 : (int64_t)((c->timer_ns - now + 999999) / 1000000);
}

static void llmfi_curl_close(llmfi_transport *t) {
    llmfi_curl *c = (llmfi_curl *)(void *)t;
    llmfi_heap *heap = t->net->heap;
    llmfi_pipe_guard guard;
    size_t i;
    while (c->used) llmfi_easy_give(c->used, true);
    while (c->kept) {
        llmfi_easy *e = c->kept;
        c->kept = e->next;
        llmfi_easy_free(e);
    }
    llmfi_pipe_guard_on(&guard, c->any_tls);
    (void)curl_multi_cleanup(c->multi); /* closes the connections: through us, so the descriptors are forgotten */
    llmfi_pipe_guard_off(&guard);
    for (i = 0; i < LLMFI_CURL_BUCKETS; i++)
        while (c->bucket[i]) llmfi_curl_forget(c, c->bucket[i]);
    llmfi_heap_free(heap, c->pool);
    llmfi_heap_free(heap, c);
}

static bool llmfi_curl_multi(llmfi_curl *c, size_t most) {
    if (!c->t.net->desc->no_global_init && curl_global_init(CURL_GLOBAL_DEFAULT)) return false; /* counted by libcurl; never undone: others may use it */
    c->multi = curl_multi_init();
    if (!c->multi) return false;
    (void)curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, llmfi_curl_on_socket);
    (void)curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
    (void)curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, llmfi_curl_on_timer);
    (void)curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
    (void)curl_multi_setopt(c->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)most);
    return true;
}

/* NULL: no memory, ours or libcurl's. */
LLMFI_UNUSED static llmfi_transport *llmfi_curl_open(llmfi_net *net) {
    llmfi_curl *c = (llmfi_curl *)llmfi_heap_alloc(net->heap, sizeof *c);
    size_t most = net->desc->max_connections > 0 ? (size_t)net->desc->max_connections : 100, spare = (most < 64 ? most : 64) + 8, i;
    if (!c) return NULL;
    memset(c, 0, sizeof *c);
    c->t.name = "curl";
    c->t.net = net;
    c->t.start = llmfi_curl_start;
    c->t.cancel = llmfi_curl_cancel;
    c->t.resume = llmfi_curl_resume;
    c->t.tick = llmfi_curl_tick;
    c->t.wait_ms = llmfi_curl_wait_ms;
    c->t.close = llmfi_curl_close;
    c->timer_ns = UINT64_MAX;
    c->most_kept = net->desc->max_idle > 0 ? (size_t)net->desc->max_idle : 10;
    c->pool = (llmfi_curl_socket *)llmfi_heap_alloc(net->heap, spare * sizeof *c->pool);
    if (!c->pool || !llmfi_curl_multi(c, most)) {
        llmfi_heap_free(net->heap, c->pool);
        llmfi_heap_free(net->heap, c);
        return NULL;
    }
    for (i = 0; i < spare; i++) {
        c->pool[i].next = c->spare;
        c->spare = &c->pool[i];
    }
    return &c->t;
}

#endif
#endif
