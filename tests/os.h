/* What the tests want of the operating system, under POSIX's names: a folder, and a pair of connected sockets. After the library's own headers. */
#ifndef TESTS_OS_H
#define TESTS_OS_H
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#if defined(_WIN32)
#include <direct.h>
#include <fcntl.h>
#include <io.h>
#include <sys/stat.h>
#include <winsock2.h>
#define OS_UNUSED __attribute__((unused))
#define mkdir(path, mode) _mkdir(path)
#define SHUT_RDWR SD_BOTH
#define poll(fds, n, ms) WSAPoll((fds), (ULONG)(n), (ms))

OS_UNUSED static char *mkdtemp(char *name) {
    return _mktemp(name) && _mkdir(name) == 0 ? name : NULL;
}

OS_UNUSED static int mkstemps(char *name, int suffix) {
    char *end = name + strlen(name) - suffix, kept = *end;
    *end = '\0';
    if (!_mktemp(name)) return -1;
    *end = kept;
    return _open(name, _O_CREAT | _O_EXCL | _O_RDWR | _O_BINARY, _S_IREAD | _S_IWRITE);
}

/* There is no socketpair: a connection of this process to itself. */
OS_UNUSED static int os_pair(intptr_t pair[2]) {
    struct sockaddr_in at;
    int len = (int)sizeof at, one = 1;
    WSADATA data;
    SOCKET listener, here, there;
    if (WSAStartup(MAKEWORD(2, 2), &data)) return -1;
    memset(&at, 0, sizeof at);
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listener = socket(AF_INET, SOCK_STREAM, 0);
    here = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&at, len) || listen(listener, 1) || getsockname(listener, (struct sockaddr *)&at, &len)) return -1;
    if (connect(here, (struct sockaddr *)&at, len)) return -1;
    there = accept(listener, NULL, NULL);
    closesocket(listener);
    if (there == INVALID_SOCKET || setsockopt(there, IPPROTO_TCP, TCP_NODELAY, (const char *)&one, (int)sizeof one)) return -1;
    pair[0] = (intptr_t)here;
    pair[1] = (intptr_t)there;
    return 0;
}

OS_UNUSED static int os_read(intptr_t fd, void *to, size_t cap) {
    int n = recv((SOCKET)fd, (char *)to, (int)cap, 0);
    errno = n < 0 && WSAGetLastError() == WSAEWOULDBLOCK ? EAGAIN : errno;
    return n;
}

OS_UNUSED static int os_write(intptr_t fd, const void *bytes, size_t len) {
    return send((SOCKET)fd, (const char *)bytes, (int)len, 0);
}

OS_UNUSED static void os_close(intptr_t fd) {
    closesocket((SOCKET)fd);
}
#else
#include <sys/socket.h>
#include <sys/stat.h>
#define OS_UNUSED __attribute__((unused))

OS_UNUSED static int os_pair(intptr_t pair[2]) {
    int fds[2], made = socketpair(AF_UNIX, SOCK_STREAM, 0, fds);
    pair[0] = fds[0];
    pair[1] = fds[1];
    return made;
}

OS_UNUSED static int os_read(intptr_t fd, void *to, size_t cap) {
    return (int)read((int)fd, to, cap);
}

OS_UNUSED static int os_write(intptr_t fd, const void *bytes, size_t len) {
    return (int)write((int)fd, bytes, len);
}

OS_UNUSED static void os_close(intptr_t fd) {
    close((int)fd);
}
#endif
#endif
