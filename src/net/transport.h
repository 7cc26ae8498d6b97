/* The two seams of the network. Above: an exchange, one HTTP request out and one reply in, made by the engine. Below: whoever carries it out.
   A transport never calls the user, knows nothing of models, and allocates from the factory's heap only (libcurl has its own).

   What the engine promises: one start; then at most one cancel; `resume` when it had taken too little. What a transport promises: status, headers, data, end in this
   order, end exactly once unless cancelled, and never from inside `start` or `cancel` unless `start` itself returned an error (then no end). */
#ifndef LLMFI_NET_TRANSPORT_H
#define LLMFI_NET_TRANSPORT_H
#include "watch.h"
#include "../wire/url.h"

typedef struct llmfi_transport llmfi_transport;

struct llmf_exchange {
    llmf_http_request req;         /* set by the engine, in the call's memory until the end */
    llmfi_transport *by;           /* who carries it out; NULL before start and after the end */
    void *state;                   /* the transport's own: a connection, an easy handle */
    void *owner;                   /* the engine's call; or, where `fetch`, an llmfi_fetch */
    bool checked;                  /* the engine has looked at the headers: nothing that must not be sent is in them */
    bool fetch;                    /* it is no call's: the factory wants something for itself, see engine/fetch.h */
    uint64_t deadline_ns;          /* connect must be done by then (0: no limit); after `connected` the engine keeps time alone */
    struct llmf_exchange *next, *prev; /* the transport's own list */
};

LLMFI_UNUSED static bool llmfi_is_fetch(const llmf_exchange *x) {
    return LLMFI_HAS_FETCH && x->fetch;
}

/* What every transport is given at open and may use for its life. */
typedef struct llmfi_net {
    llmfi_heap *heap;
    llmfi_watch *watch;
    const llmf_desc *desc;         /* the factory's copy */
    char *recv;                    /* one shared read buffer of desc->recv_size bytes: its contents are dead once control returns */
    uint64_t (*now_ns)(const struct llmfi_net *net);
    const uint64_t *moment_ns;     /* what the clock said when the engine last looked, which it does after each wait: see llmfi_net_moment. NULL: nobody looks */
    uint64_t slice_end_ns;         /* the poll under way shall end by then; 0: no slice */
#if LLMF_HAS_DNS_THREADS
    struct llmfi_lookups *lookups; /* NULL: there was none */
#endif
    uint64_t handed_on;            /* counts llmf_exchange_data calls: lets the poll see that something happened */
} llmfi_net;

struct llmfi_transport {
    const char *name;
    const char *why;               /* why `start` last refused: static text, what and what to change */
    llmfi_net *net;
    int (*start)(llmfi_transport *t, llmf_exchange *x);      /* LLMF_OK, or an llmf_result and no end */
    void (*cancel)(llmfi_transport *t, llmf_exchange *x);    /* closes the connection of an unfinished exchange */
    void (*resume)(llmfi_transport *t, llmf_exchange *x);    /* offers what llmf_exchange_data had not taken, then goes on reading */
    void (*tick)(llmfi_transport *t);                        /* each poll, before and after waiting: timers, queued starts, non-descriptor work; NULL: none */
    int64_t (*wait_ms)(llmfi_transport *t);                  /* asked after tick: how long poll may sleep for this transport's sake: -1 for ever, 0 not at all; NULL: for ever */
    void (*close)(llmfi_transport *t);
};

/* The headers of a reply that the engine wants, by the shapes of their names. A first look that is nearly free: of the two dozen that a reply has, one or
   two are. llmf_exchange_header asks it too, so a new name of another shape is missed everywhere or nowhere. */
#if LLMFI_SMALL
#define llmfi_header_wanted(x, name, status) true
#else
/* Of a reply that is no success, those that say what to do about it are wanted too. */
#if LLMF_HAS_RETRY
#define LLMFI_SHAPES_1 1u << 14 /* x-should-retry */
#define LLMFI_SHAPES_3 (1u << 24 | 1u << 26 | 1u << 28 | 1u << 30) /* x-ratelimit-…-tokens, -requests: llmfi_limit_headers */
#define LLMFI_SHAPES_4 (1u << 0 | 1u << 2 | 1u << 6 | 1u << 7) /* anthropic-ratelimit-…-reset */
#define LLMFI_SHAPES_7 (1u << 4 | 1u << 6 | 1u << 10 | 1u << 11) /* anthropic-ratelimit-…-remaining */
#else
#define LLMFI_SHAPES_1 0
#define LLMFI_SHAPES_3 0
#define LLMFI_SHAPES_4 0
#define LLMFI_SHAPES_7 0
#endif
#if LLMF_HAS_MCP
#define LLMFI_SHAPE_MCP (1u << 14) /* mcp-session-id */
#else
#define LLMFI_SHAPE_MCP 0
#endif
#define LLMFI_SHAPES(a, b, c, d)                                                                                                                                    \
    {{0, a, 1u << 11 /* retry-after */, 1u << 14 /* retry-after-ms */ | b,                                                                                          \
      1u << 10 | 1u << 12 | 1u << 13 | 1u << 15 | 1u << 16 | 1u << 17 | 1u << 22 /* …-id: llmfi_is_request_id */ | c, 1u << 16 /* x-amzn-errortype */, 0,           \
      1u << 16 /* content-encoding */ | d}}
static const llmfi_name_shapes llmfi_headers_wanted[3] = {
    LLMFI_SHAPES(0, 0, 0, 0), LLMFI_SHAPES(LLMFI_SHAPES_1, LLMFI_SHAPES_3, LLMFI_SHAPES_4, LLMFI_SHAPES_7),
    {{0, 0, 1u << 11 /* retry-after */, 0, LLMFI_SHAPE_MCP, 0, 1u << 8 | 1u << 19 /* location, x-amz-bucket-region */, 1u << 4 | 1u << 16 /* etag, content-encoding */}}}; /* of a fetch */
#undef LLMFI_SHAPES

static const llmfi_name_shapes *llmfi_shapes_of(const llmf_exchange *x, int status) {
    return &llmfi_headers_wanted[llmfi_is_fetch(x) ? 2 : status < 200 || status > 299];
}
LLMFI_UNUSED static bool llmfi_header_wanted(const llmf_exchange *x, llmf_str name, int status) {
    return name.len && llmfi_shape_in(llmfi_shapes_of(x, status), name);
}
#endif

/* Above the public ones (llmf_exchange_read, _rewind, _status, _header, _data, _end), for built-in transports: the connection stands. */
static void llmfi_exchange_connected(llmf_exchange *x);
/* The time, near enough for what is counted in milliseconds: a look at the clock costs as much as a hundred instructions. */
LLMFI_UNUSED static uint64_t llmfi_net_moment(const llmfi_net *net) {
    return !LLMFI_SMALL && net->moment_ns ? *net->moment_ns : net->now_ns(net);
}
/* The factory's time is up for this poll. */
LLMFI_UNUSED static bool llmfi_slice_over(const llmfi_net *net) {
#if LLMF_HAS_SLICES
    return net->slice_end_ns && net->now_ns(net) >= net->slice_end_ns;
#else
    (void)net;
    return false;
#endif
}

#endif
