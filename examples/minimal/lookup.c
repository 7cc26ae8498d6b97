/* Names of DNS: RFC 1035; their addresses of IPv6: RFC 3596. */
#define _DEFAULT_SOURCE 1 /* -std=c99 hides sockets */
#include "lookup.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef LOOKUP_HOSTS
#define LOOKUP_HOSTS "/etc/hosts"
#define LOOKUP_SERVERS "/etc/resolv.conf"
#define LOOKUP_PORT 53
#endif
enum {
    SERVERS = 3, ROUNDS = 2,           /* who is asked, and how often */
    WAIT_MS = 2000, WAIT_MORE_MS = 200, /* for a reply; for the second one */
    PACKETS = 16,                      /* that may come, ours or not */
    FILE_MAX = 4096, REPLY_MAX = 1232, /* bytes */
    HEAD = 12, A = 1, AAAA = 28, NO_SUCH_NAME = 3
};

/* ---- text ---- */

/* The next word of a line, with a NUL behind it; "": there is none. *at moves behind it. */
static char *word(char **at) {
    char *from = *at + strspn(*at, " \t\r"), *end = from + strcspn(from, " \t\r");
    *at = *end ? end + 1 : end;
    *end = '\0';
    return from;
}

/* The next line, without its comment; NULL: there is none. */
static char *line(char **at) {
    char *from = *at, *end = from + strcspn(from, "\n");
    if (!*from) return NULL;
    *at = *end ? end + 1 : end;
    *end = '\0';
    from[strcspn(from, "#")] = '\0';
    return from;
}

/* The beginning of a file as text; "" where there is none. */
static char *read_file(const char *path, char *to) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, to, FILE_MAX - 1);
    to[n > 0 ? n : 0] = '\0';
    if (fd >= 0) close(fd);
    return to;
}

/* inet_ntop does the same, by way of printf, which is larger than all this. */
static char *put(char *to, unsigned number, unsigned base) {
    if (number >= base) to = put(to, number / base, base);
    *to = "0123456789abcdef"[number % base];
    return to + 1;
}

static void put_address(char *to, const unsigned char *bytes, size_t len) {
    size_t each = len == 4 ? 1 : 2, i;
    for (i = 0; i < len; i += each) {
        if (i) *to++ = each == 1 ? '.' : ':';
        to = each == 1 ? put(to, bytes[i], 10) : put(to, (unsigned)bytes[i] << 8 | bytes[i + 1], 16);
    }
    *to = '\0';
}

/* ---- /etc/hosts ---- */

static int from_hosts(const char *host, char (*out)[64], int cap) {
    char text[FILE_MAX], *at = read_file(LOOKUP_HOSTS, text), *names, *address, *name;
    int count = 0;
    while (count < cap && (names = line(&at)) != NULL) {
        address = word(&names);
        while (*(name = word(&names)) && strcasecmp(name, host)) continue;
        if (*name && strlen(address) < 64) strcpy(out[count++], address);
    }
    return count;
}

/* ---- DNS ---- */

/* Bytes of the question for one kind of address; 0: the name cannot be one. */
static size_t question(unsigned char *to, const char *host, unsigned char kind, unsigned id) {
    static const unsigned char head[] = {0, 0, 1 /* recursion, please */, 0, 0, 1 /* question */, 0, 0, 0, 0, 0, 0};
    size_t at = HEAD;
    if (strlen(host) > 253) return 0;
    memcpy(to, head, HEAD);
    to[0] = (unsigned char)(id >> 8);
    to[1] = (unsigned char)id;
    while (*host) {
        size_t len = strcspn(host, ".");
        if (!len || len > 63) return 0;
        to[at++] = (unsigned char)len;
        memcpy(to + at, host, len);
        at += len;
        host += len + (host[len] == '.');
    }
    to[at++] = 0;
    to[at++] = 0;
    to[at++] = kind;
    to[at++] = 0;
    to[at++] = 1; /* of the internet */
    return at;
}

/* Behind the name that begins at `at`: its parts, then 0 or a pointer to the rest of it. */
static size_t behind_name(const unsigned char *reply, size_t len, size_t at) {
    while (at < len && reply[at] && reply[at] < 0xC0) at += 1u + reply[at];
    return at < len && reply[at] ? at + 2 : at + 1;
}

int dns_addresses(const unsigned char *reply, size_t len, char (*out)[64], int cap) {
    size_t at, size;
    unsigned kind, records;
    int count = 0;
    if (len < HEAD || reply[4] || reply[5] != 1) return 0; /* not one question */
    at = behind_name(reply, len, HEAD) + 4;
    for (records = (unsigned)reply[6] << 8 | reply[7]; records && count < cap; records--) {
        at = behind_name(reply, len, at);
        if (len < 10 || at > len - 10) break;
        kind = (unsigned)reply[at] << 8 | reply[at + 1];
        size = (size_t)reply[at + 8] << 8 | reply[at + 9];
        at += 10;
        if (size > len - at) break;
        if ((kind == A && size == 4) || (kind == AAAA && size == 16)) put_address(out[count++], reply + at, size);
        at += size;
    }
    return count;
}

/* A socket that talks to this server and to nobody else; below 0: none. */
static int dial(const char *server) {
    struct sockaddr_in v4 = {0};
    struct sockaddr_in6 v6 = {0};
    int is_v4 = inet_pton(AF_INET, server, &v4.sin_addr) == 1, fd;
    if (!is_v4 && inet_pton(AF_INET6, server, &v6.sin6_addr) != 1) return -1;
    v4.sin_family = AF_INET;
    v6.sin6_family = AF_INET6;
    v4.sin_port = v6.sin6_port = htons(LOOKUP_PORT);
    fd = socket(is_v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, is_v4 ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6, is_v4 ? sizeof v4 : sizeof v6)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* Asks one server for both kinds of address at once. -1: it did not answer, or could not. */
static int ask(int fd, const char *host, char (*out)[64], int cap) {
    static const unsigned char kinds[2] = {A, AAAA};
    unsigned char asked[2][HEAD + 255 + 4], reply[REPLY_MAX];
    size_t len[2];
    int i, packets, open = 2, count = 0;
    unsigned short id[2];
    struct pollfd p = {fd, POLLIN, 0};
    ssize_t n;
    if (getrandom(id, sizeof id, 0) != (ssize_t)sizeof id) return -1;
    for (i = 0; i < 2; i++) {
        len[i] = question(asked[i], host, kinds[i], id[i]);
        if (!len[i]) return 0;
        if (send(fd, asked[i], len[i], 0) < 0) return -1;
    }
    for (packets = 0; open && packets < PACKETS && poll(&p, 1, count ? WAIT_MORE_MS : WAIT_MS) == 1 && (n = recv(fd, reply, sizeof reply, 0)) >= 0; packets++)
        for (i = 0; i < 2; i++) {
            if (!len[i] || (size_t)n < len[i] || memcmp(reply, asked[i], 2) || memcmp(reply + HEAD, asked[i] + HEAD, len[i] - HEAD)) continue; /* not ours */
            len[i] = 0;
            if ((reply[3] & 15) != 0 && (reply[3] & 15) != NO_SUCH_NAME) continue; /* `open` stays: another server may know */
            count += dns_addresses(reply, (size_t)n, out + count, cap - count);
            open--;
        }
    return open && !count ? -1 : count;
}

static int from_servers(const char *host, char (*out)[64], int cap) {
    char text[FILE_MAX], *servers[SERVERS], *at = read_file(LOOKUP_SERVERS, text), *words;
    int known = 0, i, fd, got = -1;
    while (known < SERVERS && (words = line(&at)) != NULL)
        if (!strcmp(word(&words), "nameserver")) servers[known++] = word(&words);
    for (i = 0; got < 0 && i < ROUNDS * known; i++) {
        fd = dial(servers[i % known]);
        if (fd < 0) continue;
        got = ask(fd, host, out, cap);
        close(fd);
    }
    return got > 0 ? got : 0;
}

int look_up(void *user, const char *host, char (*out)[64], int cap) {
    int found = from_hosts(host, out, cap);
    (void)user;
    return found ? found : from_servers(host, out, cap);
}
