/* The lower seam: a byte stream under our HTTP. The public functions, and what only streams of our own can tell. */
#ifndef LLMFI_NET_STREAM_H
#define LLMFI_NET_STREAM_H
#include "transport.h"
#include "../base/text.h"

typedef struct llmfi_stream {
    llmf_stream_ops ops;
    int64_t (*wait_ms)(void *user, void *stream);            /* of a stream not yet connected: until `ready` has something to do besides its
                                                                descriptor; -1: nothing. NULL: only the descriptor tells */
    void (*why)(void *user, void *stream, llmfi_text *text); /* says what went wrong last; NULL: nothing more is known */
    int open_error;                                          /* llmf_result: what it means that `open` gives none */
    bool tls;                                                /* serves https */
    bool short_is_dry;                                       /* a read that fills less than its room has taken all there is */
} llmfi_stream;

#endif
