/* How each model at each host does: what calls have seen of it, kept as long as the factory. Retries, limits, breakers and routes decide by it, metrics show it,
   and llmf_save keeps it over a restart. A model, here, is a provider's id at a base URL: two names of the config for one of them share what is known. A provider
   whose entry sets limits for all of its models has one of its own, without an id; so has each of several keys, with its variable's name as "$NAME". */
#ifndef LLMFI_ENGINE_HEALTH_H
#define LLMFI_ENGINE_HEALTH_H
#include "core.h"

#if LLMFI_HAS_HEALTH

/* Numbers are smoothed: each call counts an eighth. */
enum { LLMFI_HEALTH_SHARE = 8 };

/* No reply, and no file, keeps a model away for longer: a day. */
enum { LLMFI_COOL_MOST_MS = 86400000 };

/* What was sent in each of the last seconds: the one that runs and sixty before it, so that no minute, wherever it begins, has more than is counted here; and one more,
   as a request that had to connect first, or waited for llmf_poll, is with its provider later than it was counted. */
enum { LLMFI_WINDOW_SECONDS = 62 };
typedef struct llmfi_window {
    uint64_t second;                         /* the latest that is counted */
    int64_t requests, tokens;                /* of all of them */
    int64_t token[LLMFI_WINDOW_SECONDS];
    uint32_t request[LLMFI_WINDOW_SECONDS];
} llmfi_window;

typedef struct llmfi_health {
    struct llmfi_health *next;               /* all of a factory */
    llmf_str provider, model_id;             /* in the same piece of the heap */
    uint32_t host;                           /* hash of the base URL */
    uint64_t good, bad;                      /* attempts that were answered, and those that failed through the provider's fault */
    int64_t latency_us, first_us;            /* of a whole answer, and to its first content; 0: none seen yet */
#if LLMF_HAS_RETRY
    struct llmfi_health *group;              /* its provider's, where that has limits; NULL */
    llmfi_window *window;                    /* where there are limits a minute; NULL */
    bool guarded;                            /* something below may keep calls away: else nobody needs to look */
    int cool_code;                           /* why it is not asked until then: llmf_result */
    uint64_t cool_until_ns, open_until_ns;   /* 0: it may be asked; the breaker is closed */
    uint64_t probe;                          /* the call that tries whether the breaker may close; 0: none */
    int64_t failures;                        /* in a row */
    int64_t running;                         /* attempts under way */
    int64_t left_requests, left_tokens;      /* as its provider said last; LLMF_UNKNOWN */
    int64_t reset_requests_ms, reset_tokens_ms;
    uint32_t next_key;                       /* of several: whose turn it is */
#endif
#if LLMF_HAS_ROUTES
    uint64_t scores, score_ppm;              /* outcomes that llmf_score has told: how many, and their sum in millionths */
#endif
#if LLMF_HAS_METRICS
    struct llmfi_series *series;             /* where its calls are counted; NULL: not yet. Several hosts of one model share one */
#endif
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
static llmfi_health *llmfi_health_named(llmf_factory *f, llmf_str provider, llmf_str model_id, uint32_t host) {
    llmfi_health *h = llmfi_health_find(f, provider, model_id, host);
    char *text;
    if (h || f->health_count >= LLMF_MAX_HEALTH) return h;
    h = (llmfi_health *)llmfi_heap_alloc(&f->heap, sizeof *h + provider.len + model_id.len);
    if (!h) return NULL;
    memset(h, 0, sizeof *h);
    text = (char *)(h + 1);
    if (provider.len) memcpy(text, provider.ptr, provider.len);
    h->provider = llmfi_str(text, provider.len);
    text += provider.len;
    if (model_id.len) memcpy(text, model_id.ptr, model_id.len);
    h->model_id = llmfi_str(text, model_id.len);
    h->host = host;
#if LLMF_HAS_RETRY
    h->left_requests = h->left_tokens = h->reset_requests_ms = h->reset_tokens_ms = LLMF_UNKNOWN;
#endif
    h->next = f->health;
    f->health = h;
    f->health_count++;
    return h;
}

static llmfi_health *llmfi_health_of(llmf_factory *f, const llmfi_record *r) {
    uint32_t host = llmfi_health_host(r->s.base_url);
    llmfi_health *h = llmfi_health_named(f, r->s.provider, r->s.model_id, host);
#if LLMF_HAS_RETRY
    if (h && (r->provider->rpm || r->provider->tpm)) h->group = llmfi_health_named(f, r->s.provider, llmfi_str("", 0), 0);
    if (h && (h->group || r->rpm || r->tpm || r->retry.max_concurrent || f->desc.retry.max_concurrent)) h->guarded = true;
#endif
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
    llmfi_health_smooth(&h->latency_us, c->attempt_ns, c->end_ns);
    llmfi_health_smooth(&h->first_us, c->attempt_ns, c->first_content_ns);
#if LLMF_HAS_RETRY
    h->failures = 0;
    h->open_until_ns = h->probe = 0;
#endif
}

static void llmfi_health_close(llmf_factory *f) {
    while (f->health) {
        llmfi_health *next = f->health->next;
#if LLMF_HAS_RETRY
        if (f->health->window) llmfi_heap_free(&f->heap, f->health->window);
#endif
        llmfi_heap_free(&f->heap, f->health);
        f->health = next;
    }
}

/* ---- LLM_FALLBACK_PROVIDERS ---- */

enum { LLMFI_CHAIN_NAME = 256 };

/* A name of LLM_FALLBACK_PROVIDERS: that of a provider alone stands for its default model. */
LLMFI_UNUSED static llmf_str llmfi_chain_word(const llmf_factory *f, llmf_str word, char *room) {
    llmfi_text t = llmfi_text_in(room, LLMFI_CHAIN_NAME);
    llmfi_say(&t, word);
    if (llmfi_config_knows(f->config, word)) llmfi_say_c(&t, ":");
    return llmfi_str(room, t.len);
}

/* The i-th word of that list which is not `own`, the provider that is asked first; empty: there is none. */
LLMFI_UNUSED static llmf_str llmfi_chain_word_at(llmf_str list, llmf_str own, size_t i) {
    while (list.len) {
        size_t n;
        llmf_str word;
        for (n = 0; n < list.len && list.ptr[n] != ',' && !llmfi_is_space(list.ptr[n]); n++) continue;
        word = llmfi_str(list.ptr, n);
        list = llmfi_from(list, n < list.len ? n + 1 : n);
        if (word.len && !llmfi_eq_nocase(word, own) && i-- == 0) return word;
    }
    return llmfi_str("", 0);
}

#if LLMF_HAS_RETRY

/* ---- limits a minute ---- */

/* Takes what is over out of the sums. */
static void llmfi_window_move(llmfi_window *w, uint64_t second) {
    uint64_t steps = second > w->second ? second - w->second : 0;
    if (steps >= LLMFI_WINDOW_SECONDS) {
        memset(w, 0, sizeof *w);
        w->second = second;
        return;
    }
    while (steps--) {
        size_t at = (size_t)(++w->second % LLMFI_WINDOW_SECONDS);
        w->requests -= w->request[at];
        w->tokens -= w->token[at];
        w->request[at] = 0;
        w->token[at] = 0;
    }
}

static void llmfi_window_add(llmfi_window *w, uint32_t requests, int64_t tokens) {
    size_t at = (size_t)(w->second % LLMFI_WINDOW_SECONDS);
    w->request[at] += requests;
    w->requests += requests;
    w->token[at] += tokens;
    w->tokens += tokens;
}

/* The moment when the first of what is counted is over. */
static uint64_t llmfi_window_due(const llmfi_window *w) {
    uint64_t i, second;
    for (i = 1; i <= LLMFI_WINDOW_SECONDS; i++) { /* the oldest first */
        second = w->second + i;
        if (w->request[second % LLMFI_WINDOW_SECONDS] || w->token[second % LLMFI_WINDOW_SECONDS]) break;
    }
    return second * 1000 * LLMFI_MS;
}

/* Is there room for one more request of so many tokens? Else *due is when it is worth another look. What is larger than the limit alone goes where nothing else is. */
static bool llmfi_window_room(llmf_factory *f, llmfi_health *h, int64_t rpm, int64_t tpm, int64_t tokens, uint64_t *due) {
    llmfi_window *w = h->window;
    if (!rpm && !tpm) return true;
    if (!w) {
        w = h->window = (llmfi_window *)llmfi_heap_alloc(&f->heap, sizeof *w);
        if (!w) { /* not now, then: a limit that cannot be kept is not passed over */
            *due = llmfi_after_ms(f->now_ns, 100);
            return false;
        }
        memset(w, 0, sizeof *w);
    }
    llmfi_window_move(w, f->now_ns / (1000 * LLMFI_MS));
    if ((!rpm || w->requests < rpm) && (!tpm || !w->requests || w->tokens + tokens <= tpm)) return true;
    *due = llmfi_window_due(w);
    return false;
}

/* Tokens that were estimated in that second are known now. They are mended there: counted in a later one, what was too much would still be taken off when the
   estimate itself is over, and leave room that is none. */
static void llmfi_window_correct(llmf_factory *f, llmfi_health *h, uint64_t second, int64_t more) {
    llmfi_window *w = h ? h->window : NULL;
    if (!w) return;
    llmfi_window_move(w, f->now_ns / (1000 * LLMFI_MS));
    if (w->second - second >= LLMFI_WINDOW_SECONDS) return;
    w->token[second % LLMFI_WINDOW_SECONDS] += more;
    w->tokens += more;
}

/* ---- cool-downs and breakers ---- */

/* Until when it is not asked, and why (llmf_result); 0: it may be. */
static uint64_t llmfi_health_closed_until(const llmf_factory *f, const llmfi_health *h, int *code) {
    *code = h->cool_code;
    if (h->cool_until_ns > f->now_ns) return h->cool_until_ns;
    *code = LLMF_ERR_OVERLOADED;
    if (h->open_until_ns > f->now_ns) return h->open_until_ns;
    return h->open_until_ns && h->probe ? llmfi_after_ms(f->now_ns, 100) : 0; /* half open: one call tries it */
}

static void llmfi_health_cool(const llmf_factory *f, llmfi_health *h, int code, int64_t ms) {
    uint64_t until = llmfi_after_ms(f->now_ns, ms < LLMFI_COOL_MOST_MS ? ms : (int64_t)LLMFI_COOL_MOST_MS);
    h->cool_code = code;
    h->guarded = true;
    if (until > h->cool_until_ns) h->cool_until_ns = until;
}

/* An attempt has failed through the provider's fault. */
static bool llmfi_health_opens(const llmf_factory *f, llmfi_health *h, const llmf_retry *rules) {
    h->failures++;
    if (rules->breaker_failures < 0 || h->failures < rules->breaker_failures) return false;
    h->open_until_ns = llmfi_after_ms(f->now_ns, rules->breaker_ms);
    h->guarded = true;
    h->probe = 0;
    return true;
}

#endif
#endif
#endif
