/* From a name to a handle that is ready: settings resolved, defaults merged, adapter found. The same name gives the same handle. At most `max_prepared` handles keep what
   was prepared (least recently used goes first); the id itself stays good and is prepared again when next used, also after a reload. */
#ifndef LLMFI_FACTORY_HANDLES_H
#define LLMFI_FACTORY_HANDLES_H
#include "../../providers/adapters.h"
#include "config.h"

/* Different names that one factory may be asked for: bounds what a program that makes names up can use. */
#ifndef LLMF_MAX_HANDLES
#define LLMF_MAX_HANDLES 65536
#endif
#define LLMFI_BUCKETS (LLMF_MAX_HANDLES < 256 ? 16 : 256) /* of their hashes: a power of two */

/* What a handle needs for a call. Counted: the handle has one, each call under way another, so neither eviction nor reload pulls it from under a call. */
typedef struct llmfi_prepared {
    llmfi_arena arena;
    llmfi_config *config;                    /* held */
    llmfi_record record;
    const llmfi_adapter *adapter;            /* NULL: a registered dialect's, see `dialect` */
    const llmf_dialect *dialect;             /* NULL: one of ours */
    int references;
#if LLMFI_HAS_HEALTH
    struct llmfi_health *health;             /* the engine's; NULL: none, or not asked for yet */
#endif
#if LLMF_HAS_BUDGETS
    bool budget_known;                       /* what follows has been looked for */
    int64_t budget_pico;                     /* the limit on the model; LLMF_UNKNOWN: none */
    struct llmfi_budget *budget;             /* the engine's; NULL without a limit */
#endif
} llmfi_prepared;

typedef struct llmfi_handle {
    char *name;                              /* heap, NUL behind it; NULL: the slot is free */
    size_t name_len;
    char *config;                            /* overrides of llmf_create; NULL: none */
    size_t config_len;
    llmfi_prepared *prepared;                /* NULL: not now */
    const llmfi_config *under;               /* its config: a look-up need not touch the prepared, which may lie far away */
    uint32_t generation, hash;
    uint32_t chain;                          /* next slot of the same bucket; 0: none */
    uint32_t newer, older;                   /* LRU among the prepared; 0: none */
    bool own;                                /* of llmf_create: not found by name */
#if LLMF_HAS_ROUTES
    struct llmfi_routed *route;              /* the engine's: the route that gives this handle, which its model's name does not find; NULL */
#endif
} llmfi_handle;

typedef struct llmfi_handles {
    llmfi_heap *heap;
    llmfi_buf slots;                         /* of llmfi_handle; slot 0 is never used */
    uint32_t count, free_slot;
    uint32_t buckets[LLMFI_BUCKETS];
    uint32_t newest, oldest, prepared, max_prepared;
    const llmf_dialect *const *dialects;     /* registered ones, `dialect_count` of them */
    size_t dialect_count;
} llmfi_handles;

LLMFI_UNUSED static void llmfi_handles_init(llmfi_handles *h, llmfi_heap *heap, int max_prepared) {
    memset(h, 0, sizeof *h);
    h->heap = heap;
    h->max_prepared = max_prepared > 0 ? (uint32_t)max_prepared : 128;
    llmfi_buf_init(&h->slots, heap, (size_t)LLMF_MAX_HANDLES * sizeof(llmfi_handle));
}

static LLMFI_SHORT llmfi_handle *llmfi_handle_slot(const llmfi_handles *h, uint32_t at) {
    return (llmfi_handle *)(void *)h->slots.ptr + at;
}

static uint32_t llmfi_handle_hash(const char *name, size_t len) {
    /* Eight bytes a step, the last ones overlapping: byte by byte the hash would be half of a look-up. */
    uint64_t hash = len, word = 0;
    const char *end = name + len;
    while (end - name > 8) {
        memcpy(&word, name, 8);
        hash = (hash ^ word) * UINT64_C(0x9E3779B97F4A7C15);
        hash ^= hash >> 32;
        name += 8;
    }
    if (len >= 8) memcpy(&word, end - 8, 8);
    else while (name < end) word = word << 8 | (unsigned char)*name++;
    hash = (hash ^ word) * UINT64_C(0x9E3779B97F4A7C15);
    hash = (hash ^ hash >> 32) * UINT64_C(0x9E3779B97F4A7C15); /* so that the last byte counts too */
    return (uint32_t)(hash >> 32);
}

static uint64_t llmfi_handle_id(const llmfi_handles *h, uint32_t at) {
    return (uint64_t)llmfi_handle_slot(h, at)->generation << 32 | at;
}

/* The slot of an id, or 0 where it is stale. */
LLMFI_UNUSED static uint32_t llmfi_handle_at(const llmfi_handles *h, llmf_model m) {
    uint32_t at = (uint32_t)m.id;
    if (at == 0 || at >= h->count) return 0;
    return llmfi_handle_slot(h, at)->name && llmfi_handle_slot(h, at)->generation == (uint32_t)(m.id >> 32) ? at : 0;
}

/* ---- what is prepared ---- */

LLMFI_UNUSED static void llmfi_prepared_release(llmfi_heap *heap, llmfi_prepared *p) {
    if (!p || --p->references > 0) return;
    llmfi_config_release(p->config);
    llmfi_config_wipe(&p->arena); /* settings of llmf_create may hold a key */
    llmfi_arena_free(&p->arena);
    llmfi_heap_free(heap, p);
}

static void llmfi_handle_unlink(llmfi_handles *h, uint32_t at) {
    llmfi_handle *s = llmfi_handle_slot(h, at);
    if (s->newer) llmfi_handle_slot(h, s->newer)->older = s->older;
    else h->newest = s->older;
    if (s->older) llmfi_handle_slot(h, s->older)->newer = s->newer;
    else h->oldest = s->newer;
    s->newer = s->older = 0;
}

static void llmfi_handle_front(llmfi_handles *h, uint32_t at) {
    llmfi_handle *s = llmfi_handle_slot(h, at);
    s->older = h->newest;
    s->newer = 0;
    if (h->newest) llmfi_handle_slot(h, h->newest)->newer = at;
    else h->oldest = at;
    h->newest = at;
}

LLMFI_UNUSED static void llmfi_handle_unprepare(llmfi_handles *h, uint32_t at) {
    llmfi_handle *s = llmfi_handle_slot(h, at);
    if (!s->prepared) return;
    llmfi_handle_unlink(h, at);
    llmfi_prepared_release(h->heap, s->prepared);
    s->prepared = NULL;
    h->prepared--;
}

/* The adapter of a dialect: a registered one of that name first, then ours. False with *err where there is none. */
static bool llmfi_prepared_dialect(const llmfi_handles *h, llmfi_prepared *p, llmf_error *err) {
    llmf_str name = p->record.provider->dialect;
#if LLMF_HAS_REGISTER
    size_t i;
    for (i = 0; i < h->dialect_count; i++)
        if (llmfi_eq(llmfi_cstr(h->dialects[i]->name), name)) p->dialect = h->dialects[i];
#endif
#if LLMF_HAS_PLUGINS
    if (!p->dialect) p->dialect = llmfi_config_dialect(p->config, name);
#endif
    (void)h;
    if (!p->dialect) p->adapter = llmfi_adapter_find(name);
    if (p->dialect || p->adapter) return true;
    return llmfi_error_about(err, LLMF_ERR_NOT_BUILT, "the model's provider speaks the dialect ", name,
                             ", which this build does not have: build with its LLMF_WITH_ option, or register it with llmf_register_dialect");
}

static llmfi_prepared *llmfi_prepare(llmfi_handles *h, llmfi_config *config, const llmfi_handle *s, llmf_error *err) {
    llmfi_prepared *p = (llmfi_prepared *)llmfi_heap_alloc(h->heap, sizeof *p);
    llmf_str name = llmfi_str(s->name, s->name_len);
    bool ok;
    if (!p) {
        llmfi_error_memory(err);
        return NULL;
    }
    memset(p, 0, sizeof *p);
    p->references = 1;
    p->config = config;
    llmfi_config_hold(config);
    llmfi_arena_init(&p->arena, h->heap, 0);
    ok = (s->config ? llmfi_config_find(config, &p->arena, name, &p->record, err) &&
                          llmfi_config_override(config, &p->arena, &p->record, llmfi_str(s->config, s->config_len), err)
                    : llmfi_config_resolve(config, &p->arena, name, &p->record, err)) &&
         llmfi_prepared_dialect(h, p, err);
    if (ok && p->arena.failed) ok = llmfi_error_memory(err);
    if (ok) return p;
    llmfi_prepared_release(h->heap, p);
    return NULL;
}

/* Slot `at` is prepared, for this config. */
LLMFI_UNUSED static bool llmfi_handle_ready(const llmfi_handles *h, const llmfi_config *config, uint32_t at) {
    const llmfi_handle *s = llmfi_handle_slot(h, at);
    return s->prepared && s->under == config;
}

/* A prepared slot is the one used last. */
static void llmfi_handle_newest(llmfi_handles *h, uint32_t at) {
    if (h->newest == at) return;
    llmfi_handle_unlink(h, at);
    llmfi_handle_front(h, at);
}

/* What slot `at` stands for under `config`, prepared now if it was not. NULL with *err. The slot keeps the reference: take one's own to keep it. */
LLMFI_UNUSED static llmfi_prepared *llmfi_handle_use(llmfi_handles *h, llmfi_config *config, uint32_t at, llmf_error *err) {
    llmfi_handle *s = llmfi_handle_slot(h, at);
    if (llmfi_handle_ready(h, config, at)) {
        llmfi_handle_newest(h, at);
        return s->prepared;
    }
    llmfi_handle_unprepare(h, at);
    s->prepared = llmfi_prepare(h, config, s, err);
    if (!s->prepared) return NULL;
    s->under = config;
    llmfi_handle_front(h, at);
    h->prepared++;
    if (h->prepared > h->max_prepared) llmfi_handle_unprepare(h, h->oldest);
    return s->prepared;
}

/* ---- names ---- */

LLMFI_UNUSED static uint32_t llmfi_handle_find(const llmfi_handles *h, const char *name, size_t len, uint32_t hash) {
    uint32_t at;
    for (at = h->buckets[hash % LLMFI_BUCKETS]; at; at = llmfi_handle_slot(h, at)->chain) {
        const llmfi_handle *s = llmfi_handle_slot(h, at);
#if LLMF_HAS_ROUTES
        if (s->route) continue;
#endif
        if (s->hash == hash && s->name_len == len && memcmp(s->name, name, len) == 0) return at;
    }
    return 0;
}

static char *llmfi_handle_copy(llmfi_heap *heap, const char *text, size_t len) {
    char *to = (char *)llmfi_heap_alloc(heap, len + 1);
    if (!to) return NULL;
    memcpy(to, text, len);
    to[len] = '\0';
    return to;
}

/* A free slot, or 0: memory or LLMF_MAX_HANDLES. */
static uint32_t llmfi_handle_room(llmfi_handles *h) {
    uint32_t at = h->free_slot;
    if (at) {
        h->free_slot = llmfi_handle_slot(h, at)->chain;
        return at;
    }
    if (h->count == 0) h->count = 1;
    if (h->count >= LLMF_MAX_HANDLES || !llmfi_buf_reserve(&h->slots, sizeof(llmfi_handle) * (h->count + 1) - h->slots.len)) return 0;
    h->slots.len = sizeof(llmfi_handle) * (h->count + 1);
    at = h->count++;
    memset(llmfi_handle_slot(h, at), 0, sizeof(llmfi_handle));
    return at;
}

static void llmfi_handle_forget(llmfi_handles *h, uint32_t at) {
    llmfi_handle *s = llmfi_handle_slot(h, at);
    uint32_t generation = s->generation + 1;
    llmfi_handle_unprepare(h, at);
    llmfi_heap_free(h->heap, s->name);
    if (s->config) llmfi_env_wipe(s->config, s->config_len);
    llmfi_heap_free(h->heap, s->config);
    memset(s, 0, sizeof *s);
    s->generation = generation;
    s->chain = h->free_slot;
    h->free_slot = at;
}

/* A new slot, prepared. config NULL: found by this name from now on; else a handle of its own. 0 with *err. */
LLMFI_UNUSED static uint32_t llmfi_handle_new(llmfi_handles *h, llmfi_config *config, llmf_str name, const char *own, llmf_error *err) {
    uint32_t at = llmfi_handle_room(h);
    llmfi_handle *s;
    if (!at) {
        llmfi_error_memory(err);
        return 0;
    }
    s = llmfi_handle_slot(h, at);
    s->name = llmfi_handle_copy(h->heap, name.ptr, name.len);
    s->name_len = name.len;
    s->own = own != NULL;
    if (own) {
        s->config_len = llmfi_strlen(own);
        s->config = llmfi_handle_copy(h->heap, own, s->config_len);
    }
    if (!s->name || (own && !s->config) ? !llmfi_error_memory(err) : !llmfi_handle_use(h, config, at, err)) {
        llmfi_handle_forget(h, at);
        return 0;
    }
    if (!own) {
        s->hash = llmfi_handle_hash(name.ptr, name.len);
        s->chain = h->buckets[s->hash % LLMFI_BUCKETS];
        h->buckets[s->hash % LLMFI_BUCKETS] = at;
    }
    return at;
}

#if LLMF_HAS_RETRY || LLMF_HAS_ROUTES
/* The plain handle of a name, prepared; 0 with *err. */
LLMFI_UNUSED static uint32_t llmfi_handle_named(llmfi_handles *h, llmfi_config *config, llmf_str name, llmf_error *err) {
    uint32_t at = llmfi_handle_find(h, name.ptr, name.len, llmfi_handle_hash(name.ptr, name.len));
    if (!at) return llmfi_handle_new(h, config, name, NULL, err);
    return llmfi_handle_use(h, config, at, err) ? at : 0;
}
#endif

#if LLMF_HAS_ROUTES
/* The handle that a route gives of a model: one for the two of them. */
LLMFI_UNUSED static uint32_t llmfi_handle_routed(llmfi_handles *h, llmfi_config *config, llmf_str name, struct llmfi_routed *route, llmf_error *err) {
    uint32_t hash = llmfi_handle_hash(name.ptr, name.len), at = h->buckets[hash % LLMFI_BUCKETS];
    for (; at; at = llmfi_handle_slot(h, at)->chain) {
        const llmfi_handle *s = llmfi_handle_slot(h, at);
        if (s->route == route && s->name_len == name.len && memcmp(s->name, name.ptr, name.len) == 0) return llmfi_handle_use(h, config, at, err) ? at : 0;
    }
    at = llmfi_handle_new(h, config, name, NULL, err);
    if (at) llmfi_handle_slot(h, at)->route = route;
    return at;
}
#endif

LLMFI_UNUSED static void llmfi_handles_close(llmfi_handles *h) {
    uint32_t at;
    for (at = 1; at < h->count; at++)
        if (llmfi_handle_slot(h, at)->name) llmfi_handle_forget(h, at);
    llmfi_buf_free(&h->slots);
}

#endif
