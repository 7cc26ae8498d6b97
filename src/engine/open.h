/* Opening and closing a factory: the one block, its permanent part, the transports. */
#ifndef LLMFI_ENGINE_OPEN_H
#define LLMFI_ENGINE_OPEN_H
#include "call.h"
#include "plugin_host.h"
#include "route.h"
#include "tokens.h"

enum { LLMFI_DEFAULT_MEMORY = 8 << 20, LLMFI_DEFAULT_CALLS = 64, LLMFI_DEFAULT_RECV = 16384 };

/* Cuts the permanent things from the front of the block. */
typedef struct llmfi_front {
    char *at;
    size_t left;
    bool failed;
} llmfi_front;

static void *llmfi_front_take(llmfi_front *b, size_t size) {
    void *at = b->at;
    if (size < b->left) size = llmfi_round_up(size, LLMFI_ALIGN); /* else rounding up might wrap to 0 */
    if (size > b->left) {
        b->failed = true;
        return NULL;
    }
    b->at += size;
    b->left -= size;
    memset(at, 0, size);
    return at;
}

#if LLMF_HAS_BEARSSL
/* The rest begins at a page of memory: large pieces of the heap, most of which is never touched, then share no pages. */
enum { LLMFI_PAGE = 4096 };
static void llmfi_front_page(llmfi_front *b) {
    size_t pad = (LLMFI_PAGE - (size_t)((uintptr_t)b->at % LLMFI_PAGE)) % LLMFI_PAGE;
    if (pad > b->left) return;
    b->at += pad;
    b->left -= pad;
}
#endif

static void *llmfi_front_array(llmfi_front *b, size_t count, size_t size) {
    return llmfi_front_take(b, count < (size_t)-1 / 4 / size ? count * size : (size_t)-1 / 2);
}

static const char *llmfi_front_text(llmfi_front *b, const char *text) {
    size_t len = text ? llmfi_strlen(text) : 0;
    char *to = text ? (char *)llmfi_front_take(b, len + 1) : NULL;
    if (to) memcpy(to, text, len);
    return to;
}

/* Everything in *desc that is not said to be borrowed is copied. */
static void llmfi_copy_desc(llmfi_front *b, llmf_desc *d) {
    static const uint16_t texts[] = {offsetof(llmf_desc, config),  offsetof(llmf_desc, config_text), offsetof(llmf_desc, env_file),  offsetof(llmf_desc, provider),
                                     offsetof(llmf_desc, base_url), offsetof(llmf_desc, api_key),     offsetof(llmf_desc, api_key_env), offsetof(llmf_desc, transport),
                                     offsetof(llmf_desc, proxy),    offsetof(llmf_desc, ca_file),     offsetof(llmf_desc, ca_pem),
#if LLMF_HAS_SOURCES
                                     offsetof(llmf_desc, config_copy),
#endif
                                     offsetof(llmf_desc, pinned_keys)};
    const char **configs;
    size_t i;
    for (i = 0; i < LLMFI_COUNT(texts); i++) {
        const char **text = (const char **)(void *)((char *)d + texts[i]);
        *text = llmfi_front_text(b, *text);
    }
    configs = (const char **)llmfi_front_array(b, d->config_count, sizeof *configs);
    for (i = 0; configs && i < d->config_count; i++) configs[i] = llmfi_front_text(b, d->configs[i]);
    d->configs = configs;
#if LLMF_HAS_RETRY
    configs = (const char **)llmfi_front_array(b, d->fallback_count, sizeof *configs);
    for (i = 0; configs && i < d->fallback_count; i++) configs[i] = llmfi_front_text(b, d->fallbacks[i]);
    d->fallbacks = configs;
#endif
}

static void llmfi_fill_desc(llmf_desc *d) {
    if (!d->memory_size) d->memory_size = LLMFI_DEFAULT_MEMORY;
    if (d->max_calls <= 0) d->max_calls = LLMFI_DEFAULT_CALLS;
    if (d->max_models <= 0) d->max_models = 128;
    if (!d->max_response) d->max_response = 64u << 20;
    if (!d->max_line) d->max_line = 8u << 20;
    if (!d->recv_size) d->recv_size = LLMFI_DEFAULT_RECV;
    if (d->max_connections <= 0) d->max_connections = 100;
    if (d->max_idle == 0) d->max_idle = 10;
    if (d->max_batches <= 0) d->max_batches = 4;
}

static void llmfi_slots_init(llmf_factory *f) {
    uint32_t i;
    for (i = 0; i < f->max_calls; i++) {
        f->slots[i].generation = 1;
        f->slots[i].next_free = i + 2 <= f->max_calls ? i + 2 : 0;
    }
    f->free_slot = f->max_calls ? 1 : 0;
}

/* ---- transports ---- */

LLMFI_UNUSED static bool llmfi_add_transport(llmf_factory *f, llmfi_transport **slot, llmfi_transport *t, llmf_error *err) {
    *slot = t;
    if (!t) return llmfi_error_memory(err);
    f->transports[f->transport_count++] = t;
    return true;
}

static bool llmfi_open_transports(llmf_factory *f, llmf_error *err) {
    llmf_str only = llmfi_cstr(f->desc.transport);
    llmfi_net *n = &f->net;
    (void)n;
#if LLMF_HAS_DIALECT_MOCK
    if (!llmfi_add_transport(f, &f->echo, llmfi_echo_open(n), err)) return false;
#endif
#if LLMF_HAS_CUSTOM
    if (f->desc.custom_transport) return llmfi_add_transport(f, &f->custom, llmfi_custom_open(n), err);
    if (f->desc.custom_stream) return llmfi_add_transport(f, &f->stream, llmfi_stream_open(n), err);
#else
    if (f->desc.custom_transport || f->desc.custom_stream) return llmfi_error_left_out(err, "llmf_desc.custom_", "CUSTOM");
#endif
#if LLMF_HAS_REPLAY
    if (LLMFI_IS(only, "replay")) return llmfi_add_transport(f, &f->replay, llmfi_replay_open(n), err);
#endif
#if LLMF_HAS_SOCKET
    if ((!only.len || LLMFI_IS(only, "socket")) && !llmfi_add_transport(f, &f->socket, llmfi_socket_open(n), err)) return false;
#endif
#if LLMF_HAS_CURL
    if ((!only.len || LLMFI_IS(only, "curl")) && !llmfi_add_transport(f, &f->curl, llmfi_curl_open(n), err)) return false;
#endif
    if (only.len && f->transport_count < 1 + LLMF_HAS_DIALECT_MOCK) {
        return llmfi_error_about(err, LLMF_ERR_NOT_BUILT, "llmf_desc.transport ", only, " is not in this build; it has:" LLMFI_TRANSPORT_LIST);
    }
    return true;
}

/* What may hold keys and is not given back with the heap's pieces, which are wiped as they go. */
static void llmfi_wipe_permanent(llmf_factory *f) {
    if (f->desc.api_key) llmfi_wipe(llmfi_cstr(f->desc.api_key));
    if (f->desc.config_text) llmfi_wipe(llmfi_cstr(f->desc.config_text));
    if (f->desc.proxy) llmfi_wipe(llmfi_cstr(f->desc.proxy));
#if LLMF_HAS_REGISTER
    {
        size_t i;
        for (i = 0; i < f->registered_count; i++)
            if (f->registered[i].config) llmfi_wipe(llmfi_cstr(f->registered[i].config));
    }
#endif
    if (f->net.recv) llmfi_wipe(llmfi_str(f->net.recv, f->desc.recv_size)); /* heads of requests were put together in it */
}

LLMF_API void llmf_close(llmf_factory *f) {
    size_t i;
    void *block;
    int saved = LLMFI_ERRNO;
    if (!f) return;
    if (f->polling) { /* from inside a callback: llmf_poll does it when all that runs has returned */
        f->closing = true;
        return;
    }
    while (f->calls) llmfi_call_release(f->calls);
#if LLMF_HAS_MCP
    while (f->pumps) f->pumps->close(f->pumps);
#endif
#if LLMF_HAS_CACHE
    llmfi_cache_close(f);
#endif
#if LLMF_HAS_SOURCES
    llmfi_loading_close(f);
    llmfi_documents_free(&f->heap, &f->documents);
#endif
#if LLMF_HAS_SECRETS
    llmfi_secrets_close(f);
#endif
#if LLMFI_HAS_AWS_KEYS
    llmfi_keys_close(f);
#endif
    for (i = f->transport_count; i-- > 0;)
        if (f->transports[i]) f->transports[i]->close(f->transports[i]);
#if LLMF_HAS_DNS_THREADS
    llmfi_lookups_close(&f->net);
#endif
    llmfi_handles_close(&f->handles);
#if LLMFI_HAS_HEALTH
    llmfi_health_close(f);
#endif
#if LLMF_HAS_BUDGETS
    llmfi_budget_close(f);
#endif
#if LLMF_HAS_ROUTES
    llmfi_route_close(f);
#endif
#if LLMF_HAS_METRICS
    llmfi_metrics_close(f);
#endif
#if LLMF_HAS_TOKENS
    llmfi_tokens_close_all(f);
#endif
    if (f->config) llmfi_config_release(f->config);
#if LLMF_HAS_PLUGINS
    llmfi_plugins_close(&f->plugins);
#endif
    llmfi_env_close(&f->env);
    if (f->watching) llmfi_watch_close(&f->watch);
    llmfi_wipe_permanent(f);
    block = f->block;
    if (block) f->alloc(f->desc.user, block, f->block_size, 0);
    LLMFI_SET_ERRNO(saved);
}

static void llmfi_net_init(llmf_factory *f, char *recv) {
    f->net.heap = &f->heap;
    f->net.watch = &f->watch;
    f->net.desc = &f->desc;
    f->net.recv = recv;
    f->net.now_ns = llmfi_net_now;
    f->net.moment_ns = &f->now_ns;
}

static bool llmfi_start_up(llmf_factory *f, llmf_error *err) {
    f->watching = true; /* what it has opened is closed, even where the rest of it failed */
    if (!llmfi_watch_init(&f->watch, &f->heap, (size_t)f->desc.max_connections)) return llmfi_error_memory(err);
#if LLMF_HAS_SOURCES /* some of which want transports */
    if (!llmfi_env_open(&f->env, &f->heap, &f->desc, err) || !llmfi_open_transports(f, err) || llmfi_load(f, err) != LLMF_OK) return false;
    llmfi_watch_begin(f);
    return true;
#else
    return llmfi_env_open(&f->env, &f->heap, &f->desc, err) && llmfi_read_config(f, err) && llmfi_open_transports(f, err);
#endif
}

/* Lays the factory into a block. NULL with *err. */
static llmf_factory *llmfi_lay_out(const llmf_desc *desc, void *block, llmf_error *err) {
    llmfi_front front;
    llmf_factory *f;
    char *recv;
    size_t skip = (LLMFI_ALIGN - (size_t)((uintptr_t)block % LLMFI_ALIGN)) % LLMFI_ALIGN;
    memset(&front, 0, sizeof front);
    front.at = (char *)block + skip;
    front.left = desc->memory_size > skip ? desc->memory_size - skip : 0;
    f = (llmf_factory *)llmfi_front_take(&front, sizeof *f);
    if (!f) {
        llmfi_error_memory(err);
        return NULL;
    }
    f->desc = *desc;
    llmfi_copy_desc(&front, &f->desc);
    f->max_calls = (uint32_t)desc->max_calls;
    f->slots = (llmfi_call_slot *)llmfi_front_array(&front, f->max_calls, sizeof *f->slots);
    recv = (char *)llmfi_front_take(&front, desc->recv_size);
    if (front.failed) {
        llmfi_wipe_permanent(f);
        llmfi_error_memory(err);
        return NULL;
    }
    llmfi_slots_init(f);
#if LLMF_HAS_BEARSSL
    llmfi_front_page(&front);
#endif
    llmfi_heap_init(&f->heap, front.at, front.left);
    f->permanent = (size_t)(front.at - (char *)block);
    llmfi_handles_init(&f->handles, &f->heap, desc->max_models);
#if LLMF_HAS_REGISTER
    f->handles.dialects = f->dialects;
#endif
#if LLMF_HAS_PLUGINS
    f->plugins.heap = &f->heap;
    f->plugins.host = &llmfi_host;
#if LLMF_HAS_SOURCES
    f->plugins.fetch = llmfi_plugin_fetched;
    f->plugins.fetch_user = f;
#endif
#endif
#if LLMF_HAS_ROUTES
    llmfi_buf_init(&f->decision, &f->heap, 0);
#endif
    llmfi_net_init(f, recv);
#if LLMF_HAS_AWS
    llmfi_keys_init(f);
#endif
    f->next_deadline_ns = UINT64_MAX;
    return f;
}

/* Pins that are well formed, and somebody to look at keys. */
static bool llmfi_pins_open(const llmf_desc *d, llmf_error *err) {
#if LLMF_HAS_CURL || LLMF_HAS_BEARSSL
    if (d->custom_transport || d->custom_stream)
        return llmfi_error_set(err, LLMF_ERR_ARGUMENT, "llmf_desc.pinned_keys is for curl and BearSSL: where TLS is custom_stream's or custom_transport's, it must look at keys itself");
    return llmfi_pins_ok(d->pinned_keys, err);
#else
    (void)d;
    return llmfi_error_set(err, LLMF_ERR_NOT_BUILT, "llmf_desc.pinned_keys is for curl and BearSSL, and neither is in this build: drop LLMF_NO_CURL, or build with LLMF_WITH_BEARSSL=1");
#endif
}

/* Members that want an option which this build may not have: from one to another, between which no padding may stand. */
static bool llmfi_desc_built(const llmf_desc *d, llmf_error *err) {
    static const char options[] = "ENV\0CACHE\0FILTERS\0SLICES\0METRICS\0BUDGETS\0RETRY\0SOURCES\0SECRETS\0";
    static const struct {
        uint16_t at;
        uint8_t size, option;
    } members[] = {
#define LLMFI_WANTS(has, first, last, option) \
    LLMFI_DROP(has, {offsetof(llmf_desc, first), offsetof(llmf_desc, last) + sizeof ((llmf_desc *)0)->last - offsetof(llmf_desc, first), option}, )
        LLMFI_WANTS(LLMFI_HAS_VARIABLES, getenv_fn, getenv_fn, 0) LLMFI_WANTS(LLMFI_HAS_VARIABLES, api_key_env, api_key_env, 0) LLMFI_WANTS(LLMF_HAS_CACHE, cache_mode, cache_mode, 1)
        LLMFI_WANTS(LLMF_HAS_FILTERS, filter_count, filter_count, 2) LLMFI_WANTS(LLMF_HAS_SLICES, slice_us, slice_us, 3) LLMFI_WANTS(LLMF_HAS_METRICS, metrics, metrics, 4)
        LLMFI_WANTS(LLMF_HAS_METRICS, span, span, 4) LLMFI_WANTS(LLMF_HAS_BUDGETS, budget_call_pico, budget_alert, 5) LLMFI_WANTS(LLMF_HAS_RETRY, fallback_count, fallback_count, 6)
        LLMFI_WANTS(LLMF_HAS_SOURCES, watch_ms, on_reload, 7) LLMFI_WANTS(LLMF_HAS_SECRETS, secret_ttl_ms, allow_commands, 8)
#undef LLMFI_WANTS
        {0, 0, 0}
    };
    size_t i, k;
    for (i = 0; members[i].size; i++)
        for (k = 0; k < members[i].size; k++)
            if (((const char *)d)[members[i].at + k]) return llmfi_error_left_out(err, "llmf_desc", llmfi_word_at(options, members[i].option));
    return true;
}

/* What cannot be meant, or not in this build. */
static bool llmfi_desc_ok(const llmf_desc *d, llmf_error *err) {
#if LLMF_HAS_CUSTOM
    const llmf_stream_ops *s = d->custom_stream;
    if (d->custom_transport && !d->custom_transport->start) return llmfi_error_set(err, LLMF_ERR_ARGUMENT, "llmf_desc.custom_transport has no start");
    if (s && !(s->open && s->read && s->write && s->close))
        return llmfi_error_set(err, LLMF_ERR_ARGUMENT, "llmf_desc.custom_stream needs open, read, write and close");
#endif
    if (!llmfi_desc_built(d, err)) return false;
#if LLMF_HAS_RETRY
    if (d->fallback_count && !d->fallbacks) return llmfi_error_set(err, LLMF_ERR_ARGUMENT, "llmf_desc.fallbacks is NULL but fallback_count is not 0");
#endif
#if LLMF_HAS_CACHE
    if (d->cache_mode < 0 || d->cache_mode > LLMF_CACHE_OFF) return llmfi_error_set(err, LLMF_ERR_ARGUMENT, "llmf_desc.cache_mode is no LLMF_CACHE_ value");
#endif
#if LLMF_HAS_FILTERS
    if (d->filter_count && !d->filters) return llmfi_error_set(err, LLMF_ERR_ARGUMENT, "llmf_desc.filters is NULL but filter_count is not 0");
#endif
#if LLMF_HAS_TOKENS
    if (d->rank_count && !d->ranks) return llmfi_error_set(err, LLMF_ERR_ARGUMENT, "llmf_desc.ranks is NULL but rank_count is not 0");
    if (d->rank_count > LLMF_MAX_RANK_FILES) return llmfi_error_set(err, LLMF_ERR_LIMIT, "llmf_desc.rank_count is above LLMF_MAX_RANK_FILES");
#endif
#if !LLMF_HAS_MALLOC
    if (!d->memory && !d->alloc)
        return llmfi_error_about(err, LLMF_ERR_ARGUMENT, "", LLMFI_LIT("llmf_desc.memory"), " is not set, and this build has no malloc (LLMF_NO_MALLOC, LLMF_NO_STDLIB): give it a block and memory_size, or set alloc");
#endif
#if !LLMF_HAS_STDLIB
    if (!d->clock_ns)
        return llmfi_error_about(err, LLMF_ERR_ARGUMENT, "", LLMFI_LIT("llmf_desc.clock_ns"), " is not set, and this build has no clock of its own (LLMF_NO_STDLIB): give it one, for the timeouts");
#endif
#if LLMF_HAS_BUDGETS
    if (!llmfi_budget_desc_ok(d, err)) return false;
#endif
    if (d->pinned_keys && !llmfi_pins_open(d, err)) return false;
    if (d->memory && !d->memory_size) return llmfi_error_set(err, LLMF_ERR_ARGUMENT, "llmf_desc.memory is set but memory_size is 0: say how many bytes it has");
    return true;
}

LLMF_API llmf_factory *llmf_open_abi(int abi, const llmf_desc *desc, size_t desc_size, llmf_error *err) {
    llmf_desc d;
    llmf_error local;
    llmf_factory *f;
    void *block;
    llmf_alloc_fn alloc;
    int saved = LLMFI_ERRNO;
    memset(&d, 0, sizeof d);
    if (!err) err = &local;
    llmfi_error_clear(err);
    if (abi != LLMF_ABI) {
        llmfi_error_set(err, LLMF_ERR_ARGUMENT, "this program was compiled against another version of llmfactory.h: compile both from one");
        return NULL;
    }
    if (desc) memcpy(&d, desc, desc_size < sizeof d ? desc_size : sizeof d);
    if (!llmfi_desc_ok(&d, err)) return NULL;
    llmfi_fill_desc(&d);
    alloc = d.alloc ? d.alloc : llmfi_stdlib_alloc;
    block = d.memory ? d.memory : alloc(d.user, NULL, 0, d.memory_size);
    f = block ? llmfi_lay_out(&d, block, err) : NULL;
    if (!block) llmfi_error_set(err, LLMF_ERR_MEMORY, "the block of llmf_desc.memory_size bytes cannot be had");
    if (!f) {
        if (block && !d.memory) alloc(d.user, block, d.memory_size, 0);
        return NULL;
    }
    f->block = d.memory ? NULL : block;
    f->block_size = d.memory_size;
    f->alloc = alloc;
    if (llmfi_start_up(f, err)) {
        llmfi_error_clear(&f->last_error);
    } else {
        llmf_close(f);
        f = NULL;
    }
    LLMFI_SET_ERRNO(saved);
    return f;
}

/* ---- memory ---- */

LLMF_API void llmf_memory_abi(const llmf_factory *f, llmf_memory_info *info, size_t info_size) {
    llmf_memory_info i;
    memset(&i, 0, sizeof i);
    if (f) {
        i.block = f->block_size;
        i.permanent = f->permanent;
        i.used = f->heap.used;
        i.high_water = f->heap.high;
        i.requests = f->heap.requests;
    }
    if (info) memcpy(info, &i, info_size < sizeof i ? info_size : sizeof i);
}

LLMF_API void llmf_fail_memory(llmf_factory *f, uint64_t nth, bool on) {
    if (!f) return;
    f->heap.fail_at = nth ? f->heap.requests + nth : 0;
    f->heap.fail_on = on;
}

#endif
