/* What a factory and a call are made of, and the little things that all of the engine uses. */
#ifndef LLMFI_ENGINE_CORE_H
#define LLMFI_ENGINE_CORE_H
#include "../../providers/body.h"
#include "../../providers/operation_reply.h"
#include "../base/clock.h"
#include "../base/text.h"
#include "../factory/documents.h"
#include "../factory/handles.h"
#include "../net/transports.h"
#include "../wire/eventstream.h"
#include "../wire/json_array.h"
#include "../wire/ndjson.h"
#include "../wire/sigv4.h"
#include "../wire/sse.h"
#if LLMF_HAS_MALLOC
#include <stdlib.h>
#endif

/* Events that wait for llmf_next before a call stops reading: more than two reads of 16 KB mostly bring, as stopping and going on costs as much as some. */
#ifndef LLMF_MAX_QUEUED
#define LLMF_MAX_QUEUED 128
#endif
/* Bytes kept of an error reply's body. */
#ifndef LLMF_MAX_ERROR_BODY
#define LLMF_MAX_ERROR_BODY 1048576
#endif
/* Bytes of a request's body that are kept from counting it to sending it. */
#ifndef LLMF_BODY_KEEP
#define LLMF_BODY_KEEP 4096
#endif
/* Milliseconds that a reply whose terminal event has come may still go on for (usage, [DONE], late errors). */
#ifndef LLMF_TAIL_MS
#define LLMF_TAIL_MS 2000
#endif
/* Registered providers and dialects. */
#ifndef LLMF_MAX_REGISTERED
#define LLMF_MAX_REGISTERED 32
#endif

enum { LLMFI_MS = 1000000 };                 /* nanoseconds in a millisecond */
enum { LLMFI_FETCH_HEADERS = 8, LLMFI_FETCH_HEADER = 512 }; /* of a fetch: of its request; bytes of a reply's that is kept */

#if LLMF_HAS_BUDGETS
/* What is spent under one budget: see budget.h. */
typedef struct llmfi_budget {
    struct llmfi_budget *next;
    int scope;                               /* LLMF_BUDGET_… */
    int told_ppm;                            /* the largest share that was told */
    llmf_str name;                           /* in the same piece of the heap; empty: of the process, of the day */
    int64_t limit;                           /* as it was seen last; LLMF_UNKNOWN: none */
    int64_t spent, reserved;
    uint64_t unknown;                        /* calls whose cost nobody knows */
} llmfi_budget;
#endif

#if LLMF_HAS_ROUTES
/* A route that has been used: what is kept of it over a reload. */
typedef struct llmfi_routed {
    struct llmfi_routed *next;
    llmf_str name;                           /* in the same piece of the heap */
    size_t turn;                             /* of round_robin: the candidate that is next */
} llmfi_routed;
#endif

/* Of 4 KiB at most on 64-bit machines: above, the heap would give it eight. */
typedef struct llmfi_call {
    llmf_factory *f;
    uint64_t id;
    struct llmfi_call *next, *prev;          /* all calls */
    struct llmfi_call *ready_next;           /* calls with something for llmf_next_any */
    llmfi_prepared *prepared;                /* counted; NULL only where it could not be had */
#if LLMF_HAS_FILTERS
    llmfi_reply *shown;                      /* whose events are handed out: its reply, or what filters let through of it: see filters.h */
#endif

    /* What is looked at most stands in front: its distance fits one byte. */
    int framing;                             /* LLMF_FRAMING_…, set when the status is known */
    int decoder;                             /* the framing that `wire` is in use for; LLMF_FRAMING_JSON: none */
    bool ready;                              /* in the list of those with something for llmf_next_any */
    bool held_back;                          /* the transport has more than was taken: resume it */
    bool sniffed;                            /* the first byte of a stream has been looked at */
    bool last_seen;                          /* of an array: the terminal event has come; the closing ] may not have */
    bool secrets;                            /* the config's headers hold some: see llmfi_header_secret */
    bool previewing;                         /* built to be looked at: needs no key, sends nothing */
    bool moved;                              /* to another model than was asked for: see retry.h */
    bool quiet;                              /* events are of no interest: llmf_generate */
    bool calling;                            /* inside the user's callback */
#if LLMF_HAS_METRICS
    bool attempting;                         /* a request has been given to the transport, and it is not yet told how that went: see spans.h */
#endif
    bool stop, free_later;                   /* asked for inside a callback */
#if LLMF_HAS_JOBS
    uint8_t bulk;                            /* a step of a provider's own batch, or one of its results: LLMFI_BULK_IS_… */
#endif
    bool ended, taken;                       /* the response is made; the final event has been handed out */
#if LLMF_HAS_RETRY
    int8_t should_retry;                     /* x-should-retry: 1 true, -1 false; 0: not said */
    bool admitted;                           /* counted among the attempts under way of its model */
    bool hedge_due;                          /* it is late: another one is asked besides */
    bool kept_away;                          /* not sent: limits, a cool-down or a breaker */
#endif
#if LLMFI_HAS_WAITS
    uint8_t waits;                           /* for keys that are being asked for: LLMFI_WAITS_… */
#endif
#if LLMF_HAS_AWS
    bool signs;                              /* with `aws`: Authorization waits for the body's digest */
#endif
    bool filtered;                           /* the filters have seen the request */
    bool filter_refused;                     /* and one of them will not have it, or its answer: nobody else is asked */
#if LLMF_HAS_SIMULATE
    uint8_t simulated;                       /* the llmf_poll (polls) in which a piece of a whole reply was handed out, so that the next one waits; 0: none */
#endif
    uint64_t start_ns, connected_ns, first_byte_ns, content_ns, terminal_ns; /* 0: not yet; content_ns: the latest */
    uint64_t first_content_ns, end_ns;
    uint64_t attempt_ns;                     /* the start of the attempt under way; start_ns: of the first */
    uint64_t deadline_ns;                    /* the next of its timeouts, or before it: llmfi_set_deadline says when; UINT64_MAX: none */

    llmfi_arena arena;                       /* everything that lives as long as the call */
    llmf_request req;
    llmfi_ask ask;
    llmfi_body body;
    llmf_str secret;                         /* the authorization value in the arena: wiped at the end */
#if LLMF_HAS_METRICS
    struct llmfi_trace *trace;               /* in the arena; NULL: nobody asks for one */
#endif
#if LLMF_HAS_SECRETS
    uint32_t secret_id;                      /* of the key that was fetched for it, or is: see secrets.h; 0: none is */
#endif
#if LLMF_HAS_RETRY
    uint32_t reserved_second;                /* of the minute in which reserved_tokens count */
#endif
#if LLMF_HAS_AWS
    llmfi_aws_keys *aws;                     /* in the arena; NULL: none yet */
#endif

    llmf_exchange x;
    llmfi_buf whole;                         /* a reply that is one frame, or an error's body */
    llmfi_buf raw;                           /* LLMF_KEEP_RAW */
    uint64_t received;                       /* bytes of body */
    int64_t retry_after_ms;
    const char *errortype;                   /* x-amzn-errortype: AWS names the kind of an error in a header; NULL: none */

    const char *deadline_what;
#if LLMF_HAS_RETRY
    struct llmfi_origin *origin;             /* the request as the caller gave it; NULL: not taken yet */
    struct llmfi_tries *tries;               /* NULL: nothing has failed */
    struct llmfi_call *hedge_of;             /* the call that this one is asked besides; NULL: it is one of the caller's. See hedge.h */
    struct llmfi_health *key;                /* of several keys, how the one that was sent does; NULL */
    int64_t reserved_tokens;                 /* counted in its model's minute before they are known */
    uint64_t kept_until_ns;                  /* when what kept it away is over, as far as is known */
#endif
#if LLMFI_HAS_STEPS
    struct llmfi_steps *steps;               /* of a chain or a run: see steps.h; NULL */
#endif
#if LLMF_HAS_CACHE
    struct llmfi_cache_use *cache;           /* what it has to do with the answers that are kept; NULL: nothing */
#endif

#if LLMF_HAS_BUDGETS
    struct llmfi_held *held;                 /* what it holds of budgets, in the arena; NULL: nothing yet */
#endif
#if LLMF_HAS_ROUTES
    llmfi_routed *route;                     /* that chose its model; NULL */
#endif
    llmf_response response;

    /* From here on cleared by their own begin. */
    llmfi_reply reply;
    union {                                  /* of `decoder`: see llmfi_start_decoder */
        llmf_attempt attempt;                /* of a call that has ended with its first */
#if LLMFI_HAS_SSE
        llmfi_sse sse;
#endif
#if LLMFI_HAS_NDJSON
        llmfi_ndjson ndjson;
#endif
#if LLMFI_HAS_JSON_ARRAY
        llmfi_json_array array;
#endif
#if LLMFI_HAS_EVENTSTREAM
        llmfi_eventstream events;
#endif
    } wire;
} llmfi_call;

#if LLMFI_HAS_WAITS
enum { LLMFI_WAITS_NOT, LLMFI_WAITS_AWS, LLMFI_WAITS_SECRET };
#endif

#if LLMF_HAS_RETRY
/* A request that can be sent again: see retry.h. */
struct llmfi_origin {
    llmf_request req;                        /* its texts are copies in the call's arena once it is taken */
    llmfi_ask ask;                           /* what was parsed of it */
    llmfi_arena_mark mark;                   /* newest NULL: it is not taken yet */
    uint64_t hedge_ns;                       /* when the call is late; 0: never */
    bool renewed;                            /* its key was refused, and fetched anew */
    int64_t guard_rate;                      /* bytes a second that its stream must have; 0: any */
    uint64_t guard_ns, guard_at;             /* since when that is looked at, and what had been received then */
};

static bool llmfi_taken_before(const llmfi_call *c) {
    return c->origin && c->origin->mark.newest;
}

/* Nothing has come that the caller sees: an early error may still be met by another attempt, which nobody notices. */
static bool llmfi_holds_back(const llmfi_call *c) {
    return c->origin && (c->hedge_of || (!c->ended && !c->reply.content && !c->reply.refused));
}
#else
static bool llmfi_taken_before(const llmfi_call *c) {
    (void)c;
    return false;
}
#endif

#if LLMFI_HAS_FETCH
/* A request of the factory's own: see fetch.h. */
typedef struct llmfi_fetch {
    llmf_factory *f;
    llmf_exchange x;
    llmf_header headers[LLMFI_FETCH_HEADERS];
    llmf_str out;                            /* the body that is sent */
    size_t sent;
    int status;                              /* of the reply; 0: none came */
    int result;                              /* what it ended with; LLMF_OK: a whole reply, whatever its status */
    bool over;                               /* it has ended; what that means is found out outside of it */
    int64_t retry_after_ms;                  /* LLMF_UNKNOWN: not said */
    uint64_t deadline_ns;
    llmfi_buf body;                          /* of the reply */
    bool (*sink)(void *user, const char *bytes, size_t len); /* takes the body of a reply with status 200 instead; false: it cannot. NULL: nobody does */
    void *sink_user;
    char etag[LLMFI_FETCH_HEADER], location[LLMFI_FETCH_HEADER]; /* "": none, or too long */
    char region[32];                         /* x-amz-bucket-region */
#if LLMF_HAS_MCP
    char session[LLMFI_FETCH_HEADER];        /* mcp-session-id */
#endif
    char why[120];                           /* the transport's words */
    struct llmfi_fetch *next;                /* all that are under way */
} llmfi_fetch;
#endif

#if LLMF_HAS_MCP
/* Something besides calls that llmf_poll serves. */
typedef struct llmfi_pump {
    struct llmfi_pump *next;
    void (*run)(struct llmfi_pump *p);
    void (*close)(struct llmfi_pump *p);     /* with the factory: takes itself off the list */
    bool busy;                               /* it must be looked at soon */
} llmfi_pump;
enum { LLMFI_PUMP_MS = 10 };
#endif

#if LLMFI_HAS_AWS_KEYS
/* Keys for AWS, and what asks for them. */
typedef struct llmfi_asking {
    llmfi_aws aws;
    llmfi_fetch fetch;
} llmfi_asking;
#endif

#if LLMF_HAS_SECRETS
/* Keys that were fetched: see secrets.h. */
typedef struct llmfi_secrets {
    struct llmfi_secret *first;
    uint32_t count, last_id, uses;
    uint32_t pumped;                         /* those that llmf_poll asks for again and again: of the hook, of commands */
} llmfi_secrets;
#endif

#if LLMF_HAS_CACHE
/* Answers kept: see cache.h. */
typedef struct llmfi_cache {
    struct llmfi_cached **buckets;           /* in the heap; NULL: none yet */
    struct llmfi_cached *newest, *oldest;
    size_t entries, bytes, bucket_count;
    uint64_t hits, misses;
} llmfi_cache;
#endif

typedef struct llmfi_call_slot {
    llmfi_call *call;
    uint32_t generation;
    uint32_t next_free;                      /* index + 1 */
#if LLMF_HAS_BATCH
    struct llmfi_many_item *item;            /* what the call has to do with many requests: see many.h; NULL: nothing */
#endif
} llmfi_call_slot;

struct llmf_factory {
    /* What is looked at most stands in front: its distance fits one byte. */
    llmfi_call_slot *slots;
    uint32_t max_calls, free_slot;           /* free_slot: index + 1; 0: none */
    llmfi_call *calls, *ready_first, *ready_last;
    int active;                              /* calls whose final event has not been taken */
    uint64_t now_ns;                         /* as llmfi_now read it last */
    bool now_read;                           /* since the last wait: see llmfi_moment */
    uint64_t next_deadline_ns;               /* no call's is earlier; UINT64_MAX: none */
    uint64_t events;                         /* handed out, ever: lets llmf_poll see that something happened */
    bool deferred;                           /* some call must be ended, freed or called back, outside of what runs now */
    bool held;                               /* some call was stopped by the slice */
    bool slice_used;                         /* something was decoded in this poll: however short the slice, it goes on */
    uint64_t held_turn;                      /* the call to begin with when they go on */
    bool unwatched;                          /* the slice was over before the last poll came to look at its descriptors: the next one begins with them */
    bool polling;                            /* inside llmf_poll */
#if LLMF_HAS_SIMULATE
    uint8_t polls;                           /* counted from 1 to 255 and again from 1 */
#endif
    bool closing;                            /* llmf_close was called there */

    llmf_desc desc;                          /* texts copied into the permanent arena */
    llmfi_heap heap;
    size_t block_size, permanent;
    void *block;                             /* ours to give back through `alloc`; NULL: the caller's */
    llmf_alloc_fn alloc;

    llmfi_env env;
    llmfi_config *config;
    llmfi_handles handles;
#if LLMF_HAS_PLUGINS
    llmfi_plugins plugins;                   /* loaded: see factory/plugins.h */
#endif
    uint32_t last_handle;                    /* of the last llmf_get: asked for again more often than not */
#if LLMFI_HAS_HEALTH
    struct llmfi_health *health;             /* how each model does: see health.h */
    uint32_t health_count;
#endif
#if LLMF_HAS_RETRY
    llmfi_call *queue_first, *queue_last;    /* calls that wait for room, those of higher priority first */
#endif

#if LLMF_HAS_BUDGETS
    llmfi_budget budget, budget_day;         /* of the process, of `today` */
    int64_t today;                           /* days since 1970, UTC */
    llmfi_budget *budgets;                   /* of models and routes */
    uint32_t budget_count;
    bool budget_moved;                       /* something was spent since alerts were looked for */
#endif
#if LLMF_HAS_ROUTES
    llmfi_routed *routes;
    llmfi_buf decision;                      /* candidates of the last llmf_route */
    uint64_t route_draws;                    /* without llmf_desc.random: see llmfi_route_draw */
#endif

#if LLMF_HAS_METRICS
    struct llmfi_series *series;             /* what is counted: see metrics.h */
    struct llmfi_hop *hops;
    uint32_t series_count, hop_count;
    uint64_t uncounted;                      /* what there was no memory for */
#endif

#if LLMFI_HAS_FETCH
    llmfi_fetch *fetches;                    /* under way */
#endif
#if LLMFI_HAS_AWS_KEYS
    llmfi_asking keys;
#endif
#if LLMF_HAS_SOURCES
    llmfi_document *documents;               /* of the config that counts: what was fetched for it */
    struct llmfi_loading *loading;           /* under way; NULL: none */
    llmf_error load_error;                   /* of the last one */
    uint64_t stamp, refused;                 /* of the files that were read last; of documents that were refused, 0: none */
    uint64_t watch_due_ns;                   /* when the watch looks again */
    bool awaiting;                           /* the config that was read wants a plugin that must be fetched first: what else was wrong with it is not told */
    bool watch_lost, copied;                 /* the watch has told that a source cannot be had; config_copy is of `documents` */
#endif
#if LLMF_HAS_SECRETS
    llmfi_secrets secrets;
#endif
#if LLMF_HAS_MCP
    llmfi_pump *pumps;
#endif
#if LLMF_HAS_CACHE
    llmfi_cache cache;
#endif
#if LLMF_HAS_TOKENS
    llmf_tokens *tokens[LLMF_MAX_RANK_FILES]; /* of desc.ranks; NULL: not read yet, or not to be read (tokens_tried) */
    uint32_t tokens_tried;
    uint64_t counted_call;                   /* the request that was counted last, for which model, and its tokens: see llmfi_call_tokens */
    const llmfi_prepared *counted_for;
    int64_t counted;
#endif

    llmfi_net net;
    llmfi_watch watch;
    llmfi_transport *curl, *socket, *replay, *echo, *custom, *stream; /* NULL: not opened */
    llmfi_transport *transports[6];
    size_t transport_count;

    char body[LLMF_BODY_KEEP];              /* of the call `body_of` (0: of none): it was written to know its length, and as a rule is sent right after */
    uint64_t body_of;
    bool watching;                           /* the watch is open */

#if LLMF_HAS_REGISTER
    size_t registered_count;
    llmf_provider_desc registered[LLMF_MAX_REGISTERED];
    const llmf_dialect *dialects[LLMF_MAX_REGISTERED];
#endif
    llmf_error last_error;
};

/* ---- memory that is not the block's ---- */

static void *llmfi_stdlib_alloc(void *user, void *ptr, size_t old_size, size_t size) {
    (void)user;
    (void)old_size;
#if LLMF_HAS_MALLOC
    if (size) return malloc(size);
    free(ptr);
#else
    (void)ptr, (void)size;
#endif
    return NULL;
}

/* ---- time ---- */

static uint64_t llmfi_now(llmf_factory *f) {
    f->now_ns = f->desc.clock_ns ? f->desc.clock_ns(f->desc.user) : llmfi_clock_ns();
    f->now_read = true;
    return f->now_ns;
}

/* The same for whatever comes out of one wait: read once, as the clock costs as much as a tenth of an event. */
static uint64_t llmfi_moment(llmf_factory *f) {
    return f->now_read ? f->now_ns : llmfi_now(f);
}

LLMFI_UNUSED static uint64_t llmfi_net_now(const llmfi_net *net) {
    return net->desc->clock_ns ? net->desc->clock_ns(net->desc->user) : llmfi_clock_ns();
}

/* Milliseconds since 1970. */
LLMFI_UNUSED static int64_t llmfi_wall(const llmf_factory *f) {
    return f->desc.wall_ms ? f->desc.wall_ms(f->desc.user) : llmfi_wall_ms();
}

/* Milliseconds between two moments, LLMF_UNKNOWN where one never came. */
static int64_t llmfi_between_ms(uint64_t from, uint64_t to) {
    return from && to && to >= from ? (int64_t)((to - from) / LLMFI_MS) : LLMF_UNKNOWN;
}

/* ---- chance ---- */

/* Random bytes: the hook's, else a mix of what hardly anybody can guess. Not for keys. */
LLMFI_UNUSED static void llmfi_some_bytes(llmfi_call *c, unsigned char *to, size_t len) {
    uint64_t state = (LLMF_HAS_STDLIB ? llmfi_clock_ns() : c->f->now_ns) ^ (uint64_t)(uintptr_t)c ^ c->id << 24;
    size_t i;
    if (c->f->desc.random) {
        c->f->desc.random(c->f->desc.user, to, len);
        return;
    }
    for (i = 0; i < len; i++) { /* splitmix64 */
        uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);
        z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
        to[i] = (unsigned char)(z >> 56);
    }
}

/* ---- the log ---- */

static void llmfi_log(llmf_factory *f, int level, int id, llmf_str text) {
    int most = f->desc.log_level ? f->desc.log_level : LLMF_LOG_WARNING;
    if (f->desc.log && level <= most) f->desc.log(f->desc.user, level, id, text);
}

/* ---- the reply that is shown: a call's own, or what filters let through of it ---- */

#if LLMF_HAS_FILTERS
#define llmfi_shown(c) ((c)->shown)
#define llmfi_is_filtered(c) ((c)->shown != &(c)->reply)
#else
#define llmfi_shown(c) (&(c)->reply)
#define llmfi_is_filtered(c) false
#endif

#if LLMF_HAS_JOBS
enum { LLMFI_BULK_IS_STEP = 1, LLMFI_BULK_IS_RESULT, LLMFI_BULK_IS_HALF /* a result, for half the price */ };
#define llmfi_is_bulk(c) ((c)->bulk != 0)
#else
#define llmfi_is_bulk(c) false
#endif

#if LLMFI_HAS_STEPS
#define llmfi_in_steps(c) ((c)->steps != NULL)
#else
#define llmfi_in_steps(c) false
#endif

#if LLMF_HAS_RUN
#define llmfi_in_run(c) ((c)->steps && (c)->steps->run)
#define llmfi_run_waits(c) (llmfi_in_run(c) && (c)->steps->due && !(c)->ended) /* a turn is over, and the next has not begun */
#else
#define llmfi_run_waits(c) false
#endif

/* ---- ids ---- */

static llmfi_call *llmfi_call_of(const llmf_factory *f, llmf_call c) {
    uint32_t at = (uint32_t)c.id;
    if (!f || at == 0 || at > f->max_calls || f->slots[at - 1].generation != (uint32_t)(c.id >> 32)) return NULL;
    return f->slots[at - 1].call && !f->slots[at - 1].call->free_later ? f->slots[at - 1].call : NULL;
}

#endif
