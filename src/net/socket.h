/* The transport "socket": our HTTP over plain TCP. No TLS, no proxy, no allocation outside the heap. */
#ifndef LLMFI_NET_SOCKET_H
#define LLMFI_NET_SOCKET_H
#include "http.h"
#include "stream_socket.h"

#if LLMF_HAS_SOCKET
#if !LLMF_HAS_SOCKETS
#error "llmfactory: this system has no sockets. Set LLMF_NO_SOCKET=1"
#endif

/* NULL: no memory. */
LLMFI_UNUSED static llmfi_transport *llmfi_socket_open(llmfi_net *net) {
    llmfi_http *h = llmfi_http_open(net, "socket");
    if (!h) return NULL;
    llmfi_socket_stream(&h->stream, net);
    return &h->t;
}

#endif
#endif
