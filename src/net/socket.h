/* The transport "socket": our HTTP over plain TCP, and over TLS where BearSSL is built in. No proxy, no allocation outside the heap. */
#ifndef LLMFI_NET_SOCKET_H
#define LLMFI_NET_SOCKET_H
#include "bearssl.h"
#include "http.h"
#include "stream_socket.h"

#if LLMF_HAS_SOCKET
#if !LLMF_HAS_SOCKETS
#error "llmfactory: this system has no sockets. Set LLMF_NO_SOCKET=1"
#endif

#if LLMF_HAS_BEARSSL
static void llmfi_socket_close(llmfi_transport *t) {
    llmfi_bearssl *b = (llmfi_bearssl *)((llmfi_http *)(void *)t)->secure.ops.user;
    llmfi_http_close(t);
    if (b) llmfi_tls_close(b);
}
#endif

#if LLMF_HAS_BEARSSL
/* Bytes of the heap that TLS needs for `most` connections at once, and the roots, which are read to know. */
static size_t llmfi_socket_tls_need(llmfi_transport *t, size_t most) {
    llmfi_bearssl *b = (llmfi_bearssl *)((llmfi_http *)(void *)t)->secure.ops.user;
    size_t before = b->net->heap->used;
    (void)llmfi_tls_roots(b); /* without any no connection will stand */
    return b->net->heap->used - before + most * LLMFI_TLS_BYTES;
}
#endif

/* NULL: no memory. */
LLMFI_UNUSED static llmfi_transport *llmfi_socket_open(llmfi_net *net) {
    llmfi_http *h = llmfi_http_open(net, "socket");
    if (!h) return NULL;
    llmfi_socket_stream(&h->stream, net);
#if LLMF_HAS_BEARSSL
    h->t.close = llmfi_socket_close;
    if (!llmfi_tls_stream(&h->secure, net)) {
        llmfi_socket_close(&h->t);
        return NULL;
    }
#endif
    return &h->t;
}

#endif
#endif
