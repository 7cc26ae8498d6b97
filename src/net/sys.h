/* The operating system's sockets under one set of names: POSIX, or Winsock. Nothing else of the library includes POSIX's. */
#ifndef LLMFI_NET_SYS_H
#define LLMFI_NET_SYS_H

/* -std=c99 hides POSIX. The macro that shows it counts only before the first system header of the file, so the product defines it on top. */
#if !defined(_WIN32) && !defined(__cplusplus) && defined(__STRICT_ANSI__) && !defined(_DEFAULT_SOURCE) && !defined(_GNU_SOURCE)
#define _DEFAULT_SOURCE 1
#endif
#include "../options.h"
#include "../api.h"
#include "../base/windows.h"

/* Where the system has descriptors to wait for. Without (bare metal) only transports that need none work: replay, your own. */
#ifndef LLMF_HAS_SOCKETS
#if LLMF_HAS_STDLIB && (defined(_WIN32) || defined(__unix__) || defined(__APPLE__))
#define LLMF_HAS_SOCKETS 1
#else
#define LLMF_HAS_SOCKETS 0
#endif
#endif

#if LLMF_HAS_SOCKETS && !defined(_WIN32)
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#if LLMF_HAS_GETADDRINFO
#include <netdb.h>
#endif
#if (LLMF_HAS_SECRETS && LLMF_HAS_CONFIG) || LLMF_HAS_MCP /* api_key_command; servers that are programs */
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#if defined(__APPLE__)
#include <crt_externs.h>
#define LLMFI_ENVIRON (*_NSGetEnviron())
#else
#ifdef __cplusplus
extern "C" {
#endif
extern char **environ;
#ifdef __cplusplus
}
#endif
#define LLMFI_ENVIRON environ
#endif
#endif
#if LLMF_HAS_EPOLL
#include <sys/epoll.h>
#include <sys/eventfd.h>
#endif
#if defined(__GLIBC__) && !defined(__USE_XOPEN2K)
#error "llmfactory: -std=c99 hides POSIX. In the file with LLMFACTORY_IMPLEMENTATION include llmfactory.h before every other header, or compile it with -D_DEFAULT_SOURCE or -std=gnu99"
#endif
#endif
#include "../base/mem.h"

#if LLMF_HAS_SOCKETS

#define LLMFI_NO_FD ((intptr_t)-1)

#ifdef _WIN32
typedef WSAPOLLFD llmfi_pollfd;
#define LLMFI_SYS_FD(fd) ((SOCKET)(fd))
#define LLMFI_SYS_ERROR(name) WSA##name
#define LLMFI_SYS_CLOSE(fd) closesocket((SOCKET)(fd))
#define LLMFI_SYS_POLL(fds, n, ms) WSAPoll((fds), (ULONG)(n), (ms))
#define LLMFI_SYS_SEND_FLAGS 0
#define LLMFI_SYS_LEN(n) ((int)(n))
#else
typedef struct pollfd llmfi_pollfd;
#define LLMFI_SYS_FD(fd) ((int)(fd))
#define LLMFI_SYS_ERROR(name) name
#define LLMFI_SYS_CLOSE(fd) close((int)(fd))
#define LLMFI_SYS_POLL(fds, n, ms) poll((fds), (nfds_t)(n), (ms))
#define LLMFI_SYS_LEN(n) (n)
#ifdef MSG_NOSIGNAL
#define LLMFI_SYS_SEND_FLAGS MSG_NOSIGNAL
#else
#define LLMFI_SYS_SEND_FLAGS 0 /* SO_NOSIGPIPE instead: llmfi_sys_quiet */
#endif
#endif

LLMFI_UNUSED static int llmfi_sys_error(void) {
#ifdef _WIN32
    return WSAGetLastError();
#else
    return errno;
#endif
}

/* "Not now" as against "broken". */
LLMFI_UNUSED static bool llmfi_sys_again(int error) {
#if !defined(_WIN32) && EAGAIN != EWOULDBLOCK
    if (error == EAGAIN) return true;
#endif
    return error == LLMFI_SYS_ERROR(EWOULDBLOCK) || error == LLMFI_SYS_ERROR(EINTR);
}

/* What `connect` says when it goes on in the background. */
LLMFI_UNUSED static bool llmfi_sys_connecting(int error) {
#ifdef _WIN32
    return error == WSAEWOULDBLOCK;
#else
    return error == EINPROGRESS || error == EINTR;
#endif
}

/* Never blocks, never raises SIGPIPE, is not inherited by a program that is started. */
LLMFI_UNUSED static bool llmfi_sys_quiet(intptr_t fd) {
#ifdef _WIN32
    u_long on = 1;
    return ioctlsocket((SOCKET)fd, (long)FIONBIO, &on) == 0;
#else
    int flags = fcntl((int)fd, F_GETFL);
#ifdef SO_NOSIGPIPE
    int one = 1;
    (void)setsockopt((int)fd, SOL_SOCKET, SO_NOSIGPIPE, &one, sizeof one);
#endif
    return flags >= 0 && fcntl((int)fd, F_SETFL, flags | O_NONBLOCK) == 0 && fcntl((int)fd, F_SETFD, FD_CLOEXEC) == 0;
#endif
}

/* A TCP socket that is quiet, or LLMFI_NO_FD. */
LLMFI_UNUSED static intptr_t llmfi_sys_socket(int family, int type) {
    intptr_t fd;
#if defined(SOCK_NONBLOCK) && defined(SOCK_CLOEXEC) && defined(MSG_NOSIGNAL)
    fd = (intptr_t)socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
#else
    fd = (intptr_t)socket(family, type, 0);
    if (fd != LLMFI_NO_FD && !llmfi_sys_quiet(fd)) {
        LLMFI_SYS_CLOSE(fd);
        fd = LLMFI_NO_FD;
    }
#endif
    return fd;
}

/* What a failed system call means, in words that no locale changes; "" for what is too rare to have one. */
LLMFI_UNUSED static const char *llmfi_sys_words(int error) {
#if !LLMF_HAS_STRINGS
    (void)error;
    return "";
#else
    static const struct { int error; const char *words; } table[] = {
        {LLMFI_SYS_ERROR(ECONNREFUSED), "connection refused: nothing listens there"},
        {LLMFI_SYS_ERROR(ECONNRESET), "connection reset by the other side"},
        {LLMFI_SYS_ERROR(ECONNABORTED), "connection aborted"},
        {LLMFI_SYS_ERROR(ETIMEDOUT), "no answer"},
        {LLMFI_SYS_ERROR(EHOSTUNREACH), "host unreachable"},
        {LLMFI_SYS_ERROR(ENETUNREACH), "network unreachable"},
        {LLMFI_SYS_ERROR(ENETDOWN), "network down"},
        {LLMFI_SYS_ERROR(EADDRNOTAVAIL), "no local address or port left"},
        {LLMFI_SYS_ERROR(EACCES), "not permitted"},
        {LLMFI_SYS_ERROR(EMFILE), "this process has no descriptors left"},
#ifndef _WIN32
        {EPIPE, "connection closed by the other side"},
        {EPERM, "not permitted"},
        {ENFILE, "the system has no descriptors left"},
        {ENOMEM, "the system has no memory left"},
#endif
        {LLMFI_SYS_ERROR(ENOBUFS), "the system has no memory left"},
        {LLMFI_SYS_ERROR(EAFNOSUPPORT), "no such kind of address here"},
    };
    size_t i;
    for (i = 0; i < LLMFI_COUNT(table); i++)
        if (table[i].error == error) return table[i].words;
    return "";
#endif
}

#endif
#endif
