/* The loopback server as a child of the test: $LLMF_LOOPBACK, or build/loopback. It ends when its standard input does, so also when the test dies. */
#ifndef ENGINE_SERVER_H
#define ENGINE_SERVER_H
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct server {
    pid_t pid;                     /* 0: there is none */
    int in;                        /* its standard input */
    int port, tls_port;            /* tls_port: 0 where no certificate was given */
    char base[64];                 /* http://127.0.0.1:PORT */
} server;

static void server_run(const char *path, int in, int out, const char *cert, const char *key) {
    dup2(in, 0);
    dup2(out, 1);
    close(in);
    close(out);
    if (cert) execl(path, path, "--port", "0", "--until-eof", "--max-seconds", "280", "--tls-port", "0", "--cert", cert, "--key", key, (char *)NULL);
    else execl(path, path, "--port", "0", "--until-eof", "--max-seconds", "280", (char *)NULL);
    _exit(127);
}

/* With TLS too, where `cert` is not NULL. False: there is no such program. */
static int server_start_tls(server *s, const char *cert, const char *key) {
    const char *path = getenv("LLMF_LOOPBACK");
    int in[2], out[2];
    char line[64];
    size_t n = 0;
    memset(s, 0, sizeof *s);
    if (!path || !*path) path = "build/loopback";
    if (access(path, X_OK) != 0 || pipe(in) != 0 || pipe(out) != 0) return 0;
    fcntl(in[1], F_SETFD, FD_CLOEXEC);
    fcntl(out[0], F_SETFD, FD_CLOEXEC);
    s->pid = fork();
    if (s->pid == 0) {
        close(in[1]);
        close(out[0]);
        server_run(path, in[0], out[1], cert, key);
    }
    close(in[0]);
    close(out[1]);
    s->in = in[1];
    while (n + 1 < sizeof line && read(out[0], line + n, 1) == 1 && line[n] != '\n') n++;
    line[n] = '\0';
    close(out[0]);
    if (s->pid > 0 && sscanf(line, "ready %d %d", &s->port, &s->tls_port) >= 1) {
        snprintf(s->base, sizeof s->base, "http://127.0.0.1:%d", s->port);
        return 1;
    }
    return 0;
}

static __attribute__((unused)) int server_start(server *s) {
    return server_start_tls(s, NULL, NULL);
}

static void server_stop(server *s) {
    int i;
    if (s->pid <= 0) return;
    close(s->in);
    for (i = 0; i < 200 && waitpid(s->pid, NULL, WNOHANG) == 0; i++) usleep(10000);
    if (i == 200) {
        kill(s->pid, SIGKILL);
        waitpid(s->pid, NULL, 0);
    }
    s->pid = 0;
}

/* A plain HTTP request of the test's own; the reply, head and all, with a NUL behind it. Returns its length. */
static __attribute__((unused)) size_t server_ask(int port, const char *method, const char *path, char *reply, size_t cap) {
    struct sockaddr_in to;
    char head[512];
    size_t got = 0;
    int fd = socket(AF_INET, SOCK_STREAM, 0), n;
    memset(&to, 0, sizeof to);
    to.sin_family = AF_INET;
    to.sin_port = htons((uint16_t)port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    reply[0] = '\0';
    n = snprintf(head, sizeof head, "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", method, path);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0 && write(fd, head, (size_t)n) == n)
        for (;;) {
            ssize_t k = got + 1 < cap ? read(fd, reply + got, cap - 1 - got) : 0;
            if (k <= 0) break;
            got += (size_t)k;
        }
    if (fd >= 0) close(fd);
    reply[got] = '\0';
    return got;
}

#endif
