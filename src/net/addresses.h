/* A host's addresses, from a text that is one, or by asking the system. */
#ifndef LLMFI_NET_ADDRESSES_H
#define LLMFI_NET_ADDRESSES_H
#include "transport.h"

#if LLMF_HAS_SOCKETS

/* Addresses of one host that are tried. */
#ifndef LLMFI_MAX_ADDRESSES
#define LLMFI_MAX_ADDRESSES 8
#endif

typedef struct llmfi_address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } at;
} llmfi_address;

typedef struct llmfi_addresses {
    int count;
    llmfi_address list[LLMFI_MAX_ADDRESSES];
} llmfi_addresses;

static int llmfi_address_family(const llmfi_address *a) {
    return a->at.any.sa_family;
}

static socklen_t llmfi_address_len(const llmfi_address *a) {
    return (socklen_t)(llmfi_address_family(a) == AF_INET6 ? sizeof a->at.v6 : sizeof a->at.v4);
}

static void llmfi_address_set_port(llmfi_address *a, int port) {
    if (llmfi_address_family(a) == AF_INET6) a->at.v6.sin6_port = htons((uint16_t)port);
    else a->at.v4.sin_port = htons((uint16_t)port);
}

/* "127.0.0.1", "::1": adds it; false when it is none. */
static bool llmfi_address_add(llmfi_addresses *all, const char *text, int port) {
    llmfi_address *a = &all->list[all->count];
    if (all->count == LLMFI_MAX_ADDRESSES) return false;
    memset(a, 0, sizeof *a);
    if (inet_pton(AF_INET, text, &a->at.v4.sin_addr) == 1) a->at.any.sa_family = AF_INET;
    else if (inet_pton(AF_INET6, text, &a->at.v6.sin6_addr) == 1) a->at.any.sa_family = AF_INET6;
    else return false;
    llmfi_address_set_port(a, port);
    all->count++;
    return true;
}

#if LLMF_HAS_GETADDRINFO
/* The first of a list, from `a` on, that is of this family; NULL: none is. */
static const struct addrinfo *llmfi_address_of(const struct addrinfo *a, int family) {
    while (a && (a->ai_family != family || (size_t)a->ai_addrlen > sizeof(((llmfi_address *)0)->at))) a = a->ai_next;
    return a;
}

/* Asks the system, which may take as long as it likes: how many into out. Any thread. */
LLMFI_UNUSED static int llmfi_resolve_system(const char *host, int port, llmfi_addresses *out) {
    struct addrinfo hints, *found = NULL;
    const struct addrinfo *next[2];
    int turn;
    memset(&hints, 0, sizeof hints);
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    if (getaddrinfo(host, NULL, &hints, &found)) return 0;
    next[0] = llmfi_address_of(found, AF_INET);
    next[1] = llmfi_address_of(found, AF_INET6);
    turn = found->ai_family == AF_INET6;
    while (out->count < LLMFI_MAX_ADDRESSES && (next[0] || next[1])) { /* the families take turns (RFC 8305, 4), beginning with the system's first choice */
        const struct addrinfo *a = next[turn];
        if (a) {
            llmfi_address *to = &out->list[out->count++];
            memcpy(&to->at, a->ai_addr, (size_t)a->ai_addrlen);
            llmfi_address_set_port(to, port);
            next[turn] = llmfi_address_of(a->ai_next, a->ai_family);
        }
        turn = !turn;
    }
    freeaddrinfo(found);
    return out->count;
}
#else
LLMFI_UNUSED static int llmfi_resolve_system(const char *host, int port, llmfi_addresses *out) {
    (void)host, (void)port, (void)out;
    return 0;
}
#endif

#endif
#endif
