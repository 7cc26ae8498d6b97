/* A byte stream over a TCP socket. A host's addresses are tried in turn: the next one when one fails or has not answered for a quarter of a
   second, the first that answers wins (RFC 8305). */
#ifndef LLMFI_NET_STREAM_SOCKET_H
#define LLMFI_NET_STREAM_SOCKET_H
#include "resolve.h"
#include "stream.h"

#if LLMF_HAS_SOCKETS

#define LLMFI_NEXT_ADDRESS_NS 250000000u
/* How often a resolver that said "not yet" and several attempts at once are looked after, in milliseconds. */
#define LLMFI_CONNECTING_MS 10

/* What is needed only until the connection stands. */
typedef struct llmfi_dial {
    intptr_t fd[LLMFI_MAX_ADDRESSES];        /* attempts under way, in the order they began */
    int count, next;                         /* attempts; the next address */
    int port;
    bool resolved;
    uint64_t next_ns;                        /* when the next address has its turn */
    char *host;                              /* behind this struct */
    llmfi_addresses to;
} llmfi_dial;

typedef struct llmfi_socket {
    intptr_t fd;
    llmfi_dial *dial;                        /* NULL once connected */
    int error;                               /* of the last system call that failed; 0: none */
    bool unresolved;                         /* the host has no address */
} llmfi_socket;

static void llmfi_dial_free(llmfi_net *net, llmfi_socket *s) {
    llmfi_dial *d = s->dial;
    int i;
    if (!d) return;
    for (i = 0; i < d->count; i++)
        if (d->fd[i] != s->fd) LLMFI_SYS_CLOSE(d->fd[i]);
    llmfi_heap_free(net->heap, d);
    s->dial = NULL;
}

static void *llmfi_socket_open_stream(void *user, const char *host, int port, bool tls) {
    llmfi_net *net = (llmfi_net *)user;
    llmfi_socket *s;
    size_t len = llmfi_strlen(host);
    if (tls) return NULL;
    s = (llmfi_socket *)llmfi_heap_alloc(net->heap, sizeof *s);
    if (!s) return NULL;
    memset(s, 0, sizeof *s);
    s->fd = LLMFI_NO_FD;
    s->dial = (llmfi_dial *)llmfi_heap_alloc(net->heap, sizeof *s->dial + len + 1);
    if (!s->dial) {
        llmfi_heap_free(net->heap, s);
        return NULL;
    }
    memset(s->dial, 0, sizeof *s->dial);
    s->dial->port = port;
    s->dial->host = (char *)(void *)(s->dial + 1);
    memcpy(s->dial->host, host, len + 1);
    return s;
}

/* Begins with the next address. False: there is none left. */
static bool llmfi_dial_next(llmfi_net *net, llmfi_socket *s) {
    llmfi_dial *d = s->dial;
    while (d->next < d->to.count) {
        const llmfi_address *a = &d->to.list[d->next++];
        int one = 1;
        intptr_t fd = llmfi_sys_socket(llmfi_address_family(a), SOCK_STREAM);
        if (fd != LLMFI_NO_FD) {
            (void)setsockopt(LLMFI_SYS_FD(fd), IPPROTO_TCP, TCP_NODELAY, (const char *)&one, sizeof one);
            if (!connect(LLMFI_SYS_FD(fd), &a->at.any, llmfi_address_len(a)) || llmfi_sys_connecting(llmfi_sys_error())) {
                d->fd[d->count++] = fd;
                d->next_ns = net->now_ns(net) + LLMFI_NEXT_ADDRESS_NS;
                return true;
            }
        }
        s->error = llmfi_sys_error();
        if (fd != LLMFI_NO_FD) LLMFI_SYS_CLOSE(fd);
    }
    return false;
}

/* Looks after the attempts under way: true when one is connected. Those that failed go. */
static bool llmfi_dial_look(llmfi_socket *s) {
    llmfi_dial *d = s->dial;
    int i, kept = 0;
    for (i = 0; i < d->count; i++) {
        intptr_t fd = d->fd[i];
        int error = 0;
        socklen_t len = (socklen_t)sizeof error;
        llmfi_pollfd p;
        p.fd = LLMFI_SYS_FD(fd);
        p.events = POLLOUT;
        if (LLMFI_SYS_POLL(&p, 1, 0) > 0) {
            if (getsockopt(LLMFI_SYS_FD(fd), SOL_SOCKET, SO_ERROR, (char *)&error, &len)) error = llmfi_sys_error();
            if (error) {
                s->error = error;
                LLMFI_SYS_CLOSE(fd);
                continue;
            }
            if (s->fd == LLMFI_NO_FD) s->fd = fd;
        }
        d->fd[kept++] = fd;
    }
    d->count = kept;
    return s->fd != LLMFI_NO_FD;
}

static int llmfi_socket_ready(void *user, void *stream) {
    llmfi_net *net = (llmfi_net *)user;
    llmfi_socket *s = (llmfi_socket *)stream;
    llmfi_dial *d = s->dial;
    if (!d) return 1;
    if (!d->resolved) {
        int found = llmfi_resolve(net, d->host, d->port, &d->to);
        if (found < 0) return 0;
        d->resolved = true;
        s->unresolved = !found;
    }
    if (llmfi_dial_look(s)) {
        llmfi_dial_free(net, s);
        s->error = 0;
        return 1;
    }
    if (!d->count || (d->next < d->to.count && net->now_ns(net) >= d->next_ns)) (void)llmfi_dial_next(net, s);
    return d->count ? 0 : -LLMF_ERR_NETWORK;
}

static int llmfi_socket_read(void *user, void *stream, char *out, size_t cap) {
    llmfi_socket *s = (llmfi_socket *)stream;
    intptr_t n = (intptr_t)recv(LLMFI_SYS_FD(s->fd), out, LLMFI_SYS_LEN(cap < INT32_MAX ? cap : INT32_MAX), 0);
    (void)user;
    if (n > 0) return (int)n;
    if (n == 0) return LLMF_STREAM_END;
    if (llmfi_sys_again(llmfi_sys_error())) return 0;
    s->error = llmfi_sys_error();
    return -LLMF_ERR_NETWORK;
}

static int llmfi_socket_write(void *user, void *stream, const char *bytes, size_t len) {
    llmfi_socket *s = (llmfi_socket *)stream;
    size_t most = len < INT32_MAX ? len : INT32_MAX;
    intptr_t n = (intptr_t)send(LLMFI_SYS_FD(s->fd), bytes, LLMFI_SYS_LEN(most), LLMFI_SYS_SEND_FLAGS);
    (void)user;
    if (n >= 0) return (int)n;
    if (llmfi_sys_again(llmfi_sys_error())) return 0;
    s->error = llmfi_sys_error();
    return -LLMF_ERR_NETWORK;
}

static void llmfi_socket_close_stream(void *user, void *stream) {
    llmfi_net *net = (llmfi_net *)user;
    llmfi_socket *s = (llmfi_socket *)stream;
    llmfi_dial_free(net, s);
    if (s->fd != LLMFI_NO_FD) LLMFI_SYS_CLOSE(s->fd);
    llmfi_heap_free(net->heap, s);
}

static intptr_t llmfi_socket_fd(void *user, void *stream, int *events) {
    llmfi_socket *s = (llmfi_socket *)stream;
    (void)user;
    if (s->dial) {
        *events = LLMF_FD_WRITE;
        return s->dial->count ? s->dial->fd[s->dial->count - 1] : LLMFI_NO_FD;
    }
    return s->fd;
}

/* Milliseconds until `ready` has something to do beside its descriptor; -1: nothing. */
static int64_t llmfi_socket_wait_ms(void *user, void *stream) {
    llmfi_net *net = (llmfi_net *)user;
    const llmfi_dial *d = ((llmfi_socket *)stream)->dial;
    uint64_t now;
    if (!d) return -1;
    if (!d->resolved || d->count > 1) return LLMFI_CONNECTING_MS;
    if (d->next >= d->to.count) return -1;
    now = net->now_ns(net);
    return now >= d->next_ns ? 0 : (int64_t)((d->next_ns - now + 999999) / 1000000);
}

static void llmfi_socket_why(void *user, void *stream, llmfi_text *text) {
    llmfi_socket *s = (llmfi_socket *)stream;
    const char *words = llmfi_sys_words(s->error);
    (void)user;
    if (s->unresolved) {
        LLMFI_SAY(text, "no address known for this host");
#if !LLMF_HAS_GETADDRINFO
        if (!((llmfi_net *)user)->desc->resolve) LLMFI_SAY(text, ": this build looks up none (LLMF_NO_GETADDRINFO), so give llmf_desc.resolve, or an address");
#endif
    } else if (words[0]) {
        llmfi_say_c(text, words);
    } else if (s->error) {
        LLMFI_SAY(text, "system error ");
        llmfi_say_int(text, s->error);
    }
}

/* What the ops are called with is the llmfi_net. */
LLMFI_UNUSED static void llmfi_socket_stream(llmfi_stream *to, llmfi_net *net) {
    static const llmfi_stream ours = {{NULL, llmfi_socket_open_stream, llmfi_socket_ready, llmfi_socket_read, llmfi_socket_write, llmfi_socket_close_stream, llmfi_socket_fd},
                                      llmfi_socket_wait_ms, llmfi_socket_why, LLMF_ERR_MEMORY, false, true};
    *to = ours;
    to->ops.user = net;
}

#endif
#endif
