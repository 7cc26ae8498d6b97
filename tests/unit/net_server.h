/* A small HTTP server in a process of its own, one thread a connection: what it does is in the path. For the transport tests. */
#ifndef NET_SERVER_H
#define NET_SERVER_H
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct server {
    pid_t pid;
    int port;
} server;

typedef struct served {
    int fd, served, number;
    char head[65536];
    size_t have;                   /* bytes in head */
} served;

static pthread_mutex_t server_lock = PTHREAD_MUTEX_INITIALIZER;
static int server_connections, server_requests;

/* The i-th byte of every body of a given length. */
static char server_byte(size_t i) {
    return (char)('a' + i % 23);
}

static bool server_send(int fd, const char *p, size_t n) {
    while (n) {
        ssize_t k = send(fd, p, n, MSG_NOSIGNAL);
        if (k <= 0) return false;
        p += k;
        n -= (size_t)k;
    }
    return true;
}

static bool server_say(int fd, const char *text) {
    return server_send(fd, text, strlen(text));
}

static void server_reset(int fd) {
    struct linger l = {1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof l);
}

static bool server_body(int fd, size_t from, size_t n) {
    char piece[4096];
    while (n) {
        size_t k = n < sizeof piece ? n : sizeof piece, i;
        for (i = 0; i < k; i++) piece[i] = server_byte(from + i);
        if (!server_send(fd, piece, k)) return false;
        from += k;
        n -= k;
    }
    return true;
}

/* Reads up to the end of the head. Its length; 0: the client has gone. */
static size_t server_head(served *s) {
    for (;;) {
        char *end = NULL;
        size_t i;
        ssize_t k;
        for (i = 3; i < s->have && !end; i++)
            if (!memcmp(s->head + i - 3, "\r\n\r\n", 4)) end = s->head + i + 1;
        if (end) return (size_t)(end - s->head);
        if (s->have == sizeof s->head) return 0;
        k = recv(s->fd, s->head + s->have, sizeof s->head - s->have, 0);
        if (k <= 0) return 0;
        s->have += (size_t)k;
    }
}

/* Takes `n` bytes of body that follow the head of `at` bytes; their sum in *sum, the first up to cap of them in keep. */
static bool server_take(served *s, size_t at, size_t n, unsigned long *sum, char *keep, size_t cap) {
    size_t got = s->have - at < n ? s->have - at : n, i, total = got;
    char piece[16384];
    for (*sum = 0, i = 0; i < got; i++) *sum = *sum * 31 + (unsigned char)s->head[at + i];
    memcpy(keep, s->head + at, got < cap ? got : cap);
    memmove(s->head, s->head + at + got, s->have - at - got);
    s->have -= at + got;
    while (total < n) {
        ssize_t k = recv(s->fd, piece, n - total < sizeof piece ? n - total : sizeof piece, 0);
        if (k <= 0) return false;
        for (i = 0; i < (size_t)k; i++) {
            *sum = *sum * 31 + (unsigned char)piece[i];
            if (total + i < cap) keep[total + i] = piece[i];
        }
        total += (size_t)k;
    }
    return true;
}

static bool server_text(int fd, const char *status, const char *more, const char *body) {
    char reply[8192];
    snprintf(reply, sizeof reply, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n%s\r\n%s", status, strlen(body), more, body);
    return server_say(fd, reply);
}

/* Chunks of `step` bytes. */
static bool server_chunked(int fd, size_t n, size_t step) {
    size_t at = 0;
    char size[32];
    if (!server_say(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")) return false;
    while (at < n) {
        size_t k = n - at < step ? n - at : step;
        snprintf(size, sizeof size, "%zx\r\n", k);
        if (!server_say(fd, size) || !server_body(fd, at, k) || !server_say(fd, "\r\n")) return false;
        at += k;
    }
    return server_say(fd, "0\r\n\r\n");
}

/* The first `n` bytes of a reply that promises 100. */
static void server_cut(int fd, size_t n) {
    char reply[256];
    size_t head = (size_t)snprintf(reply, sizeof reply, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"), i;
    for (i = 0; i < 100; i++) reply[head + i] = server_byte(i);
    server_send(fd, reply, n < head + 100 ? n : head + 100);
}

/* One request answered; false: the connection ends. */
static bool server_answer(served *s) {
    char path[256] = "", text[512], keep[4096];
    size_t head = server_head(s), a = 0, b = 0, length = 0;
    unsigned long sum;
    char *cl;
    bool ok;
    if (!head) return false;
    s->head[head - 1] = '\0';
    if (sscanf(s->head, "%*s %255s", path) != 1) return false;
    cl = strstr(s->head, "Content-Length: ");
    if (cl) length = (size_t)strtoul(cl + 16, NULL, 10);
    pthread_mutex_lock(&server_lock);
    server_requests++;
    snprintf(text, sizeof text, "connection %d of %d, request %d of %d", s->number, server_connections, s->served + 1, server_requests);
    pthread_mutex_unlock(&server_lock);
    if (!strcmp(path, "/drop-kept") && s->served) return false;
    if (!strcmp(path, "/reset-kept") && s->served) return server_reset(s->fd), false;
    if (!strcmp(path, "/early-close")) return server_text(s->fd, "413 Too Large", "Connection: close\r\n", "too much"), usleep(50000), false;
    if (!strcmp(path, "/early")) return server_text(s->fd, "413 Too Large", "", "too much"), (void)recv(s->fd, keep, 1, MSG_PEEK), sleep(1), false;
    if (!strcmp(path, "/slow-read")) usleep(100000);
    ok = server_take(s, head, length, &sum, keep, sizeof keep);
    if (!ok) return false;
    s->served++;
    if (!strcmp(path, "/hold")) return (void)recv(s->fd, keep, 1, 0), false;
    if (!strcmp(path, "/none")) return false;
    if (!strcmp(path, "/garbage")) return server_say(s->fd, "SSH-2.0-OpenSSH\r\n"), false;
    if (!strcmp(path, "/sum") || !strcmp(path, "/slow-read")) return snprintf(text, sizeof text, "%zu bytes, sum %lu", length, sum), server_text(s->fd, "200 OK", "", text);
    if (!strcmp(path, "/echo")) return keep[length < sizeof keep ? length : 0] = '\0', server_text(s->fd, "200 OK", "Content-Type: text/plain\r\nX-Request-Id: r-1\r\n", keep);
    if (!strcmp(path, "/gzip")) return server_text(s->fd, "200 OK", "Content-Encoding: gzip\r\n", "xx");
    if (!strcmp(path, "/redirect")) return server_text(s->fd, "307 Temporary Redirect", "Location: /echo\r\n", "moved");
    if (!strcmp(path, "/interim")) return server_say(s->fd, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n") && server_text(s->fd, "200 OK", "", "final");
    if (!strcmp(path, "/empty")) return server_say(s->fd, "HTTP/1.1 204 No Content\r\n\r\n");
    if (!strcmp(path, "/close-quietly")) return server_text(s->fd, "200 OK", "", text), false;
    if (!strcmp(path, "/slow-chunks")) {
        if (!server_say(s->fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")) return false;
        for (a = 0; a < 20; a++) {
            if (!server_say(s->fd, "3\r\nabc\r\n")) return false;
            usleep(10000);
        }
        return server_say(s->fd, "0\r\n\r\n");
    }
    if (sscanf(path, "/chunked/%zu/%zu", &a, &b) == 2) return server_chunked(s->fd, a, b);
    if (sscanf(path, "/length/%zu", &a) == 1) return snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", a), server_say(s->fd, text) && server_body(s->fd, 0, a);
    if (sscanf(path, "/eof/%zu", &a) == 1) return server_say(s->fd, "HTTP/1.1 200 OK\r\n\r\n"), server_body(s->fd, 0, a), false;
    if (sscanf(path, "/eof-reset/%zu", &a) == 1) return server_say(s->fd, "HTTP/1.1 200 OK\r\n\r\n"), server_body(s->fd, 0, a), usleep(20000), server_reset(s->fd), false;
    if (sscanf(path, "/cut/%zu", &a) == 1) return server_cut(s->fd, a), false;
    if (sscanf(path, "/reset/%zu", &a) == 1) return server_cut(s->fd, a), usleep(20000), server_reset(s->fd), false;
    return server_text(s->fd, "200 OK", "", text);
}

static void *server_connection(void *arg) {
    served *s = (served *)arg;
    while (server_answer(s)) continue;
    close(s->fd);
    free(s);
    return NULL;
}

static void server_run(int listener) {
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, 256 * 1024);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    for (;;) {
        pthread_t thread;
        int fd = accept(listener, NULL, NULL), one = 1;
        served *s;
        if (fd < 0) continue;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        s = (served *)calloc(1, sizeof *s);
        s->fd = fd;
        pthread_mutex_lock(&server_lock);
        s->number = ++server_connections;
        pthread_mutex_unlock(&server_lock);
        if (pthread_create(&thread, &attr, server_connection, s)) close(fd);
    }
}

static int server_listen(int *port, int backlog) {
    struct sockaddr_in a;
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    memset(&a, 0, sizeof a);
    a.sin_family = AF_INET;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) || listen(fd, backlog) || getsockname(fd, (struct sockaddr *)&a, &len)) exit(3);
    *port = ntohs(a.sin_port);
    return fd;
}

static void server_start(server *s) {
    int fd = server_listen(&s->port, 512);
    s->pid = fork();
    if (s->pid == 0) {
        signal(SIGPIPE, SIG_IGN);
        alarm(300); /* never outlives a test that was killed */
        server_run(fd);
    }
    close(fd);
}

static void server_stop(server *s) {
    kill(s->pid, SIGKILL);
    waitpid(s->pid, NULL, 0);
}

#endif
