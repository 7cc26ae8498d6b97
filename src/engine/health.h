/* How each model at each host does: what calls have seen of it, kept as long as the factory. Retries, limits, breakers and routes decide by it, metrics show it,
   and llmf_save keeps it over a restart. A model, here, is a provider's id at a base URL: two names of the config for one of them share what is known. */
#ifndef LLMFI_ENGINE_HEALTH_H
#define LLMFI_ENGINE_HEALTH_H
#include "core.h"

#if LLMFI_HAS_HEALTH

/* Numbers are smoothed: each call counts an eighth. */
enum { LLMFI_HEALTH_SHARE = 8 };

typedef struct llmfi_health {
    struct llmfi_health *next;               /* all of a factory */
    llmf_str provider, model_id;             /* in the same piece of the heap */
    uint32_t host;                           /* hash of the base URL */
    uint64_t good, bad;                      /* calls answered, and attempts that failed through the provider's fault */
    int64_t latency_us, first_us;            /* of a whole answer, and to its first content; 0: none seen yet */
} llmfi_health;

static uint32_t llmfi_health_host(llmf_str url) {
    return llmfi_handle_hash(url.ptr, url.len);
}

static llmfi_health *llmfi_health_find(const llmf_factory *f, llmf_str provider, llmf_str model_id, uint32_t host) {
    llmfi_health *h;
    for (h = f->health; h; h = h->next)
        if (h->host == host && llmfi_eq(h->model_id, model_id) && llmfi_eq(h->provider, provider)) return h;
    return NULL;
}

/* Found, or made. NULL where there is no room: nothing is known of it then, and nothing kept. */
static llmfi_health *llmfi_health_of(llmf_factory *f, const llmfi_record *r) {
    uint32_t host = llmfi_health_host(r->s.base_url);
    llmfi_health *h = llmfi_health_find(f, r->s.provider, r->s.model_id, host);
    char *text;
    if (h || f->health_count >= LLMF_MAX_HEALTH) return h;
    h = (llmfi_health *)llmfi_heap_alloc(&f->heap, sizeof *h + r->s.provider.len + r->s.model_id.len);
    if (!h) return NULL;
    memset(h, 0, sizeof *h);
    text = (char *)(h + 1);
    memcpy(text, r->s.provider.ptr, r->s.provider.len);
    h->provider = llmfi_str(text, r->s.provider.len);
    text += r->s.provider.len;
    memcpy(text, r->s.model_id.ptr, r->s.model_id.len);
    h->model_id = llmfi_str(text, r->s.model_id.len);
    h->host = host;
    h->next = f->health;
    f->health = h;
    f->health_count++;
    return h;
}

/* That of a call's model; NULL: none. */
static llmfi_health *llmfi_health_at(const llmfi_call *c) {
    return c->prepared ? c->prepared->health : NULL;
}

static void llmfi_health_smooth(int64_t *kept, uint64_t from, uint64_t to) {
    int64_t us = from && to > from ? (int64_t)((to - from) / 1000) : 0;
    if (us <= 0) return;
    *kept = *kept ? *kept + (us - *kept) / LLMFI_HEALTH_SHARE : us;
}

/* An attempt has ended well. */
static void llmfi_health_good(llmfi_call *c) {
    llmfi_health *h = llmfi_health_at(c);
    if (!h || c->response.cached) return;
    h->good++;
    llmfi_health_smooth(&h->latency_us, c->start_ns, c->end_ns);
    llmfi_health_smooth(&h->first_us, c->start_ns, c->first_content_ns);
}

static void llmfi_health_close(llmf_factory *f) {
    while (f->health) {
        llmfi_health *next = f->health->next;
        llmfi_heap_free(&f->heap, f->health);
        f->health = next;
    }
}

#endif
#endif
