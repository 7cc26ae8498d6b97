/* A TLS server on OpenSSL in a process of its own: one certificate, one way to misbehave, one connection after the other. It answers every request with a chat
   reply whose text says how it was reached. A CONNECT before the handshake is granted, so that a client may take it for a proxy to any host. */
#ifndef ENGINE_TLS_SERVER_H
#define ENGINE_TLS_SERVER_H
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct tls_counts {                  /* seen by both processes */
    volatile long accepted, handshakes, resumed, requests, goodbyes;
    volatile long cut_at[2];                 /* the other way: connections end after so many bytes sent, received; 0: they do not */
    volatile long sent, asked;               /* bytes of the last connection, handshake and all; asked: received by the end of its last request, as a goodbye may follow */
    volatile long hello_len;
    unsigned char hello[1024];               /* the last ClientHello record */
} tls_counts;

typedef struct tls_server {
    const char *chain, *key;                 /* PEM files */
    int lowest, highest;                     /* TLS1_2_VERSION…; 0: OpenSSL's */
    const char *ciphers;                     /* NULL: OpenSSL's */
    bool wants_client;                       /* asks for a certificate and insists */
    size_t piece;                            /* bytes sent at a time; 0: all at once */
    bool one_record;                         /* the messages of a handshake's first answer come in one record, as some servers send them */
    pid_t pid;
    int port;
    tls_counts *counts;
} tls_server;

typedef struct tls_link {
    const tls_server *s;
    SSL *ssl;
    BIO *in, *out;
    int fd;
    long sent, received, cut_at[2];
    char head[65536];
    size_t have;
} tls_link;

/* Records of a handshake's messages become one: the new length. Others stay. */
static int tls_merge(char *bytes, int n) {
    unsigned char *p = (unsigned char *)bytes;
    int at, to = 5;
    for (at = 0; at + 5 <= n; at += 5 + (p[at + 3] << 8 | p[at + 4]))
        if (p[at] != 22) return n;
    if (at != n) return n;
    for (at = 0; at < n;) {
        int len = p[at + 3] << 8 | p[at + 4];
        memmove(p + to, p + at + 5, (size_t)len);
        at += 5 + len;
        to += len;
    }
    p[3] = (unsigned char)((to - 5) >> 8);
    p[4] = (unsigned char)(to - 5);
    return to;
}

/* False: the connection is over. */
static bool tls_send(tls_link *l) {
    char bytes[16384];
    int n;
    while ((n = BIO_read(l->out, bytes, sizeof bytes)) > 0) {
        int at = 0;
        if (l->s->one_record && !SSL_is_init_finished(l->ssl)) n = tls_merge(bytes, n);
        while (at < n) {
            int some = n - at;
            ssize_t k;
            if (l->cut_at[0] && some > l->cut_at[0] - l->sent) some = (int)(l->cut_at[0] - l->sent);
            if (l->s->piece && some > (int)l->s->piece) some = (int)l->s->piece;
            if (!some) return false;
            k = send(l->fd, bytes + at, (size_t)some, MSG_NOSIGNAL);
            if (k <= 0) return false;
            at += (int)k;
            l->sent += k;
            l->s->counts->sent = l->sent;
        }
    }
    return true;
}

static bool tls_receive(tls_link *l) {
    char bytes[16384];
    long most = l->cut_at[1] ? l->cut_at[1] - l->received : (long)sizeof bytes;
    ssize_t n = recv(l->fd, bytes, (size_t)(most < (long)sizeof bytes ? most : (long)sizeof bytes), 0);
    if (n <= 0) return false;
    l->received += n;
    if (!SSL_is_init_finished(l->ssl) && bytes[0] == 22 && n > 9 && bytes[5] == 1) {
        l->s->counts->hello_len = n < (ssize_t)sizeof l->s->counts->hello ? n : (ssize_t)sizeof l->s->counts->hello;
        memcpy(l->s->counts->hello, bytes, (size_t)l->s->counts->hello_len);
    }
    return BIO_write(l->in, bytes, (int)n) == n;
}

/* After a call of OpenSSL's: can it be tried again? */
static bool tls_again(tls_link *l, int got) {
    int why = SSL_get_error(l->ssl, got);
    return tls_send(l) && (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) && tls_receive(l);
}

static bool tls_say(tls_link *l, const char *bytes, size_t len, size_t record) {
    while (len) {
        int some = (int)(record && record < len ? record : len < 16384 ? len : 16384);
        if (SSL_write(l->ssl, bytes, some) != some || !tls_send(l)) return false;
        bytes += some;
        len -= (size_t)some;
    }
    return true;
}

/* The head of the next request, with a NUL behind it, and its body's length, read and dropped. */
static bool tls_request(tls_link *l, char *head, size_t cap, size_t *body) {
    char *end;
    const char *field;
    size_t len, left;
    l->head[l->have] = '\0';
    while (!(end = strstr(l->head, "\r\n\r\n"))) {
        int n = SSL_read(l->ssl, l->head + l->have, (int)(sizeof l->head - 1 - l->have));
        if (n <= 0 && SSL_get_shutdown(l->ssl) & SSL_RECEIVED_SHUTDOWN) l->s->counts->goodbyes++;
        if (n <= 0 && !tls_again(l, n)) return false;
        if (n > 0) l->have += (size_t)n;
        l->head[l->have] = '\0';
    }
    len = (size_t)(end + 4 - l->head);
    if (len >= cap) return false;
    memcpy(head, l->head, len);
    head[len] = '\0';
    field = strstr(head, "ontent-Length: ");
    *body = field ? strtoul(field + 15, NULL, 10) : 0;
    left = *body;
    l->have -= len;
    if (l->have > left) return false;
    left -= l->have;
    l->have = 0;
    while (left) {
        int n = SSL_read(l->ssl, l->head, (int)(left < sizeof l->head ? left : sizeof l->head));
        if (n <= 0 && !tls_again(l, n)) return false;
        if (n > 0) left -= (size_t)n;
    }
    l->s->counts->asked = l->received;
    l->s->counts->requests++;
    return true;
}

#define TLS_EVENT(text) "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" text "\"}}]}\n\n"
#define TLS_STOP "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n"

/* What the path asks for: false: the connection is to end without a goodbye. */
static bool tls_answer(tls_link *l, const char *head, size_t body) {
    static char text[4 << 20], reply[(4 << 20) + 4096];
    size_t n;
    int len;
    if (strstr(head, "/stream-")) {
        const char *all = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n" TLS_EVENT("one ") TLS_EVENT("two") TLS_STOP;
        bool half = strstr(head, "/stream-half") != NULL;
        if (!tls_say(l, all, half ? (size_t)(strstr(all, "two") - all) : strlen(all), 0)) return false;
        if (strstr(head, "/stream-half-bye") || strstr(head, "/stream-bye")) SSL_shutdown(l->ssl), tls_send(l);
        return false;
    }
    n = (size_t)snprintf(text, sizeof text, "%s connection %ld body %zu", SSL_session_reused(l->ssl) ? "resumed" : "full", l->s->counts->accepted, body);
    if (strstr(head, "/big"))
        while (n < 600000) text[n] = (char)('a' + n % 23), n++;
    text[n] = '\0';
    len = snprintf(reply, sizeof reply, "{\"id\":\"c\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"%s\"},\"finish_reason\":\"stop\"}]}", text);
    n = (size_t)snprintf(text, 512, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n");
    if (strstr(head, "/open-")) n += (size_t)snprintf(text + n, 512, "Connection: close\r\n\r\n");
    else n += (size_t)snprintf(text + n, 512, "Content-Length: %d\r\n\r\n", len);
    if (!tls_say(l, text, n, strstr(head, "/tiny") ? 1 : 0) || !tls_say(l, reply, (size_t)len, strstr(head, "/tiny") ? 1 : 0)) return false;
    if (strstr(head, "/open-bye") || strstr(head, "/open-half")) SSL_shutdown(l->ssl), tls_send(l);
    if (strstr(head, "/open-half")) (void)recv(l->fd, reply, sizeof reply, 0); /* the TCP connection stays until the client closes it */
    return !strstr(head, "/open-");
}

static bool tls_granted(int fd) {
    char head[2048];
    size_t n = 0;
    if (recv(fd, head, 1, MSG_PEEK) != 1) return false;
    if (head[0] != 'C') return true;
    while (n + 1 < sizeof head && (n < 4 || memcmp(head + n - 4, "\r\n\r\n", 4)) && recv(fd, head + n, 1, 0) == 1) n++;
    return send(fd, "HTTP/1.1 200 granted\r\n\r\n", 24, MSG_NOSIGNAL) == 24;
}

static void tls_serve(const tls_server *s, SSL_CTX *ctx, int fd) {
    static tls_link l;
    char head[16384];
    size_t body;
    int got, one = 1;
    memset(&l, 0, sizeof l);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (!tls_granted(fd)) return;
    l.s = s;
    l.fd = fd;
    l.ssl = SSL_new(ctx);
    l.in = BIO_new(BIO_s_mem());
    l.out = BIO_new(BIO_s_mem());
    SSL_set_bio(l.ssl, l.in, l.out);
    s->counts->accepted++;
    s->counts->sent = s->counts->asked = 0;
    l.cut_at[0] = s->counts->cut_at[0];
    l.cut_at[1] = s->counts->cut_at[1];
    do got = SSL_accept(l.ssl);
    while (got != 1 && tls_again(&l, got));
    if (got == 1 && tls_send(&l)) {
        s->counts->handshakes++;
        s->counts->resumed += SSL_session_reused(l.ssl);
        while (tls_request(&l, head, sizeof head, &body) && tls_answer(&l, head, body)) continue;
    }
    SSL_set_shutdown(l.ssl, SSL_get_shutdown(l.ssl) | SSL_SENT_SHUTDOWN); /* else OpenSSL forgets the session */
    SSL_free(l.ssl);
    shutdown(fd, SHUT_WR);
    while (recv(fd, head, sizeof head, 0) > 0) continue; /* so that what was sent is not lost in a reset */
}

static int tls_alpn(SSL *ssl, const unsigned char **out, unsigned char *len, const unsigned char *in, unsigned in_len, void *arg) {
    static const unsigned char ours[] = "\x08http/1.1";
    (void)ssl, (void)arg;
    return SSL_select_next_proto((unsigned char **)(uintptr_t)out, len, ours, 9, in, in_len) == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static void tls_run(const tls_server *s, int listener) {
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    pid_t parent = getppid();
    SSL_CTX_set_security_level(ctx, 0);
    SSL_CTX_set_alpn_select_cb(ctx, tls_alpn, NULL);
    if (s->lowest) SSL_CTX_set_min_proto_version(ctx, s->lowest);
    if (s->highest) SSL_CTX_set_max_proto_version(ctx, s->highest);
    if (s->ciphers && !SSL_CTX_set_cipher_list(ctx, s->ciphers)) _exit(3);
    if (s->wants_client) SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"t", 1);
    if (SSL_CTX_use_certificate_chain_file(ctx, s->chain) != 1 || SSL_CTX_use_PrivateKey_file(ctx, s->key, SSL_FILETYPE_PEM) != 1) {
        ERR_print_errors_fp(stderr);
        _exit(3);
    }
    while (getppid() == parent) {
        struct timeval wait = {5, 0};
        int fd;
        setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait); /* accept ends then, and looks for the parent */
        fd = accept(listener, NULL, NULL);
        if (fd < 0) continue;
        wait.tv_sec = 20;
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
        tls_serve(s, ctx, fd);
        close(fd);
    }
    _exit(0);
}

/* A socket on loopback that waits for connections, and its port; below 0: none. */
static int tls_listen(int *port) {
    struct sockaddr_in at;
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    memset(&at, 0, sizeof at);
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) || listen(fd, 16) || getsockname(fd, (struct sockaddr *)&at, &len)) return -1;
    *port = ntohs(at.sin_port);
    return fd;
}

static bool tls_start(tls_server *s) {
    int fd = tls_listen(&s->port);
    s->counts = (tls_counts *)mmap(NULL, sizeof *s->counts, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (s->counts == MAP_FAILED || fd < 0) return false;
    s->pid = fork();
    if (s->pid == 0) tls_run(s, fd);
    close(fd);
    return s->pid > 0;
}

static void tls_stop(tls_server *s) {
    kill(s->pid, SIGKILL);
    waitpid(s->pid, NULL, 0);
    munmap(s->counts, sizeof *s->counts);
}

#endif
