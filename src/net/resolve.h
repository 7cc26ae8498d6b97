/* Who knows a host's addresses. Literals and localhost never leave the process; else the caller's hook, which may say "not yet"; else getaddrinfo, in a thread of
   its own (LLMF_WITH_DNS_THREADS) or here, where it may block for a look-up. */
#ifndef LLMFI_NET_RESOLVE_H
#define LLMFI_NET_RESOLVE_H
#include "lookup.h"

#if LLMF_HAS_SOCKETS

/* localhost and names under it (RFC 6761, 6.3), with or without the root's dot. */
static bool llmfi_is_localhost(const char *host) {
    const llmf_str name = LLMFI_LIT("localhost");
    llmf_str h = llmfi_cstr(host);
    if (h.len && h.ptr[h.len - 1] == '.') h.len--;
    if (h.len < name.len || !llmfi_eq_nocase(llmfi_from(h, h.len - name.len), name)) return false;
    return h.len == name.len || h.ptr[h.len - name.len - 1] == '.';
}

static int llmfi_resolve_hook(const llmfi_net *net, const char *host, int port, llmfi_addresses *out) {
    char texts[LLMFI_MAX_ADDRESSES][64];
    int n = net->desc->resolve(net->desc->user, host, texts, LLMFI_MAX_ADDRESSES), i;
    if (n < 0) return -1;
    for (i = 0; i < n && i < LLMFI_MAX_ADDRESSES; i++) {
        texts[i][sizeof texts[i] - 1] = '\0';
        (void)llmfi_address_add(out, texts[i], port);
    }
    return out->count;
}

/* How many addresses into out; 0: there is no such host; -1: not yet, ask again. */
LLMFI_UNUSED static int llmfi_resolve(llmfi_net *net, const char *host, int port, llmfi_addresses *out) {
    out->count = 0;
    if (llmfi_address_add(out, host, port)) return 1;
    if (llmfi_is_localhost(host)) {
        (void)llmfi_address_add(out, "::1", port);
        (void)llmfi_address_add(out, "127.0.0.1", port);
        return out->count;
    }
    if (net->desc->resolve) return llmfi_resolve_hook(net, host, port, out);
#if LLMF_HAS_DNS_THREADS
    return llmfi_lookup_ask(net, host, port, out);
#else
    return llmfi_resolve_system(host, port, out);
#endif
}

#endif
#endif
