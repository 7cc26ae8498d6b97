/* What calls have come to, counted for each model, and printed as Prometheus reads it (text exposition, version 0.0.4). Counts are kept as long as the factory, in
   its heap, for at most LLMF_MAX_SERIES models; all numbers are whole (nanoseconds, tokens, pico-dollars), and printed exactly. */
#ifndef LLMFI_ENGINE_METRICS_H
#define LLMFI_ENGINE_METRICS_H
#include "core.h"
#include "health.h"
#include "many.h"
#include "settle.h"
#include "trace.h"

#ifndef LLMF_MAX_SERIES
#define LLMF_MAX_SERIES 128
#endif

#if LLMF_HAS_METRICS

/* ---- how a model is: health.h ---- */

static int llmfi_breaker_of(const llmf_factory *f, const llmfi_health *h) {
#if LLMF_HAS_RETRY
    if (h && h->open_until_ns) return h->open_until_ns > f->now_ns ? LLMF_BREAKER_OPEN : LLMF_BREAKER_HALF_OPEN;
#endif
    (void)f, (void)h;
    return LLMF_BREAKER_CLOSED;
}

#if LLMF_HAS_RETRY
/* Of a limit in the config what is left of this minute, else what the provider said last; LLMF_UNKNOWN. */
static int64_t llmfi_left(const llmfi_window *w, uint64_t now_ns, int64_t limit, bool tokens, int64_t said) {
    llmfi_window moved;
    int64_t used;
    if (!limit) return said;
    if (!w) return limit;
    moved = *w;
    llmfi_window_move(&moved, now_ns / (1000 * LLMFI_MS));
    used = tokens ? moved.tokens : moved.requests;
    return used < limit ? limit - used : 0;
}
#endif

enum {
    LLMFI_LABEL = 128,                       /* bytes of a label's value */
    LLMFI_TIMES = 14,                        /* buckets of a histogram, +Inf not among them */
    LLMFI_RESULTS = LLMF_ERR_ALL_FAILED + 1,
    LLMFI_OPERATIONS = 6,                    /* LLMF_OP_…, and what is none of them */
    LLMFI_SERIES_BYTES = 2048 + 64,          /* of the heap, for a model that is asked for one operation, and a hop from it: measured by the tests */
    LLMFI_TOKENS = 5
};

static const char llmfi_operation_words[] = "chat\0embeddings\0transcription\0count_tokens\0list_models\0other\0";
static const char llmfi_token_kinds[] = "input\0output\0cache_read\0cache_write\0reasoning\0";

/* Upper ends, in microseconds: of calls 10 ms to 5 minutes, of our own part 5 us to 100 ms. */
static const uint32_t llmfi_call_times[LLMFI_TIMES] = {10000, 25000, 50000, 100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000, 30000000, 60000000, 120000000, 300000000};
static const uint32_t llmfi_own_times[LLMFI_TIMES] = {5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000};

typedef struct llmfi_histogram {
    uint64_t sum_ns, count, at[LLMFI_TIMES]; /* at: each bucket's own; what is above all of them is in count alone */
} llmfi_histogram;

/* Of one operation of a model. */
typedef struct llmfi_measured {
    uint64_t requests[LLMFI_RESULTS], tokens[LLMFI_TOKENS];
    uint64_t cost_pico, priced, unpriced;    /* attempts whose cost was known, and not, though they used tokens. The sum stops at its largest: 18 million dollars */
    unsigned told;                           /* kinds of tokens that a provider has ever told of: bits */
    llmfi_histogram duration, first, own;
} llmfi_measured;

/* A model of a provider: a pair that no other has. */
typedef struct llmfi_series {
    struct llmfi_series *next;
    llmf_str provider, model;                /* behind it, as labels have them */
    uint32_t hash;
    int breaker;                             /* the worst of its hosts, found when it is printed; -1: no host */
    uint64_t attempts[LLMFI_RESULTS];
    uint64_t retries, hits, misses;
    llmfi_measured *of[LLMFI_OPERATIONS];    /* NULL: never asked for */
} llmfi_series;

typedef struct llmfi_hop {
    struct llmfi_hop *next;
    const llmfi_series *from, *to;
    int cause;
    uint64_t count;
} llmfi_hop;

/* ---- which one ---- */

/* A name as a label has it: UTF-8 without NUL, cut to LLMFI_LABEL bytes. */
static llmf_str llmfi_label(char *to, llmf_str name) {
    const char *p = name.ptr, *end = p + name.len;
    size_t len = 0;
    while (p < end) {
        uint32_t cp;
        char bytes[4];
        int n = llmfi_utf8_next(p, end, &cp);
        size_t size = llmfi_utf8_encode(bytes, n > 0 && cp ? cp : 0xfffd);
        if (len + size > LLMFI_LABEL) break;
        memcpy(to + len, bytes, size);
        len += size;
        p += n > 0 ? n : n < 0 ? -n : end - p;
    }
    return len ? llmfi_str(to, len) : LLMFI_LIT("unknown");
}

static llmfi_series *llmfi_series_find(const llmf_factory *f, llmf_str provider, llmf_str model) {
    uint32_t hash = llmfi_handle_hash(model.ptr, model.len);
    llmfi_series *s;
    for (s = f->series; s; s = s->next)
        if (s->hash == hash && llmfi_eq(s->model, model) && llmfi_eq(s->provider, provider)) return s;
    return NULL;
}

/* A new one, the last of the list; NULL: no memory. */
static llmfi_series *llmfi_series_new(llmf_factory *f, llmf_str provider, llmf_str model) {
    llmfi_series *s = (llmfi_series *)llmfi_heap_alloc(&f->heap, sizeof *s + provider.len + model.len), **link = &f->series;
    char *text;
    if (!s) return NULL;
    memset(s, 0, sizeof *s);
    text = (char *)(s + 1);
    memcpy(text, provider.ptr, provider.len);
    s->provider = llmfi_str(text, provider.len);
    text += provider.len;
    memcpy(text, model.ptr, model.len);
    s->model = llmfi_str(text, model.len);
    s->hash = llmfi_handle_hash(model.ptr, model.len);
    while (*link) link = &(*link)->next;
    *link = s;
    f->series_count++;
    return s;
}

/* Found, or made; that of all others where there is no room for one more. NULL: not even for that. *exact (NULL allowed): it will stay this one. */
static llmfi_series *llmfi_series_named(llmf_factory *f, llmf_str provider, llmf_str model, bool *exact) {
    char in_provider[LLMFI_LABEL], in_model[LLMFI_LABEL];
    const llmf_str other = LLMFI_LIT("other");
    bool room = f->series_count + 1 < LLMF_MAX_SERIES; /* the last place is kept for the others */
    llmfi_series *s;
    provider = llmfi_label(in_provider, provider);
    model = llmfi_label(in_model, model);
    s = llmfi_series_find(f, provider, model);
    if (!s && room) s = llmfi_series_new(f, provider, model);
    if (exact) *exact = s || !room;
    if (!s) s = llmfi_series_find(f, other, other);
    if (!s && f->series_count < LLMF_MAX_SERIES) s = llmfi_series_new(f, other, other);
    return s;
}

static llmfi_series *llmfi_series_of(llmfi_call *c) {
    llmfi_health *h = llmfi_health_at(c);
    llmfi_series *s;
    llmf_str model;
    bool own, exact = false;
    if (!c->prepared) return llmfi_series_named(c->f, llmfi_str("", 0), llmfi_str("", 0), NULL);
    model = c->ask.model ? c->ask.model->model_id : c->prepared->record.s.model_id;
    own = h && model.ptr == c->prepared->record.s.model_id.ptr; /* else the embedding model that stands beside it */
    if (own && h->series) return h->series;
    s = llmfi_series_named(c->f, c->prepared->record.provider->name, model, &exact);
    if (own && exact) h->series = s;
    return s;
}

static llmfi_measured *llmfi_measured_of(llmf_factory *f, llmfi_series *s, int op) {
    llmfi_measured **m = s ? &s->of[op >= 0 && op < LLMFI_OPERATIONS - 1 ? op : LLMFI_OPERATIONS - 1] : NULL;
    if (m && !*m) {
        *m = (llmfi_measured *)llmfi_heap_alloc(&f->heap, sizeof **m);
        if (*m) memset(*m, 0, sizeof **m);
    }
    if (!m || !*m) f->uncounted++;
    return m ? *m : NULL;
}

static void llmfi_metrics_close(llmf_factory *f) {
    while (f->hops) {
        llmfi_hop *next = f->hops->next;
        llmfi_heap_free(&f->heap, f->hops);
        f->hops = next;
    }
    while (f->series) {
        llmfi_series *next = f->series->next;
        int i;
        for (i = 0; i < LLMFI_OPERATIONS; i++) llmfi_heap_free(&f->heap, f->series->of[i]);
        llmfi_heap_free(&f->heap, f->series);
        f->series = next;
    }
}

/* ---- counting ---- */

static void llmfi_observe(llmfi_histogram *h, const uint32_t *ends_us, uint64_t ns) {
    int i;
    h->count++;
    h->sum_ns += ns;
    for (i = 0; i < LLMFI_TIMES && ns > (uint64_t)ends_us[i] * 1000; i++) continue;
    if (i < LLMFI_TIMES) h->at[i]++;
}

/* Tokens and money are counted by the attempt: one that fails may have used some. */
static void llmfi_metrics_usage(llmfi_call *c, llmfi_measured *m) {
    const llmf_usage *u = &c->reply.usage;
    int64_t tokens[LLMFI_TOKENS], cost;
    int i;
    tokens[0] = u->input;
    tokens[1] = u->output;
    tokens[2] = u->cache_read;
    tokens[3] = u->cache_write;
    tokens[4] = u->reasoning;
    for (i = 0; i < LLMFI_TOKENS; i++) {
        if (tokens[i] < 0) continue;
        m->told |= 1u << i;
        m->tokens[i] += (uint64_t)tokens[i];
    }
    if (u->input < 0 && u->output < 0) return;
    cost = c->ended ? c->response.cost_pico : llmfi_call_cost(c);
    if (cost < 0) {
        m->unpriced++;
    } else {
        m->priced++;
        m->cost_pico = m->cost_pico > UINT64_MAX - (uint64_t)cost ? UINT64_MAX : m->cost_pico + (uint64_t)cost;
    }
}

/* An attempt of a call has ended so. */
static void llmfi_metrics_attempt(llmfi_call *c, int code) {
    llmfi_series *s = llmfi_series_of(c);
    llmfi_measured *m = llmfi_measured_of(c->f, s, c->req.op);
    if (s) s->attempts[code]++;
    if (m && c->prepared) llmfi_metrics_usage(c, m);
}

/* A call has ended so. */
static void llmfi_metrics_call(llmfi_call *c, int code) {
    llmfi_measured *m = llmfi_measured_of(c->f, llmfi_series_of(c), c->req.op);
    if (!m) return;
    m->requests[code]++;
    llmfi_observe(&m->duration, llmfi_call_times, c->end_ns > c->start_ns ? c->end_ns - c->start_ns : 0);
    if (c->reply.streamed && c->first_content_ns > c->start_ns) llmfi_observe(&m->first, llmfi_call_times, c->first_content_ns - c->start_ns);
}

/* llmf_start is about to return, and the transport has the request. */
static void llmfi_metrics_start(llmfi_call *c) {
    llmfi_measured *m = llmfi_measured_of(c->f, llmfi_series_of(c), c->req.op);
    uint64_t now = llmfi_net_now(&c->f->net); /* not llmfi_now: for all else the moment stays that of the start */
    if (m) llmfi_observe(&m->own, llmfi_own_times, now > c->start_ns ? now - c->start_ns : 0);
}

/* A call is asked again of the same model. */
LLMFI_UNUSED static void llmfi_metrics_retry(llmfi_call *c) {
    llmfi_series *s = c->f->desc.metrics ? llmfi_series_of(c) : NULL;
    if (s) s->retries++;
}

/* The cache of responses was looked at for a call. */
LLMFI_UNUSED static void llmfi_metrics_cache(llmfi_call *c, bool hit) {
    llmfi_series *s = c->f->desc.metrics ? llmfi_series_of(c) : NULL;
    if (!s) return;
    if (hit) s->hits++;
    else s->misses++;
}

/* A call goes on to another model, because of `cause`. Beyond LLMF_MAX_SERIES different hops they are one for each cause. */
LLMFI_UNUSED static void llmfi_metrics_fallback(llmf_factory *f, const llmfi_record *from, const llmfi_record *to, int cause) {
    const llmf_str other = LLMFI_LIT("other");
    const llmfi_series *a = f->desc.metrics ? llmfi_series_named(f, from->provider->name, from->s.model_id, NULL) : NULL;
    const llmfi_series *b = a ? llmfi_series_named(f, to->provider->name, to->s.model_id, NULL) : NULL;
    llmfi_hop *h, **link;
    int pass;
    for (pass = 0; b && pass < 2; pass++) {
        for (link = &f->hops; *link && !((*link)->from == a && (*link)->to == b && (*link)->cause == cause); link = &(*link)->next) continue;
        h = *link;
        if (!h && (f->hop_count < LLMF_MAX_SERIES || pass)) {
            h = (llmfi_hop *)llmfi_heap_alloc(&f->heap, sizeof *h);
            if (!h) break;
            memset(h, 0, sizeof *h);
            h->from = a;
            h->to = b;
            h->cause = cause;
            *link = h;
            f->hop_count++;
        }
        if (h) {
            h->count++;
            return;
        }
        a = b = llmfi_series_named(f, other, other, NULL);
    }
    if (f->desc.metrics) f->uncounted++;
}

/* ---- printing ---- */

typedef struct llmfi_exposition {
    llmfi_out out;
    const char *family, *type, *help;
    bool begun;                              /* its HELP and TYPE are there: a family without a sample has none */
    bool labelled;                           /* the sample under way has a label */
} llmfi_exposition;

static void llmfi_x_put(llmfi_exposition *x, const char *text) {
    llmfi_put(&x->out, text, llmfi_strlen(text));
}

static void llmfi_x_family(llmfi_exposition *x, const char *name, const char *type, const char *help) {
    x->family = name;
    x->type = type;
    x->help = help;
    x->begun = false;
}

static void llmfi_x_head(llmfi_exposition *x, const char *word, const char *text) {
    llmfi_x_put(x, word);
    llmfi_x_put(x, x->family);
    llmfi_x_put(x, " ");
    llmfi_x_put(x, text);
    llmfi_x_put(x, "\n");
}

/* Begins a sample. suffix: "_bucket", "_sum", "_count", or "". */
static void llmfi_x_sample(llmfi_exposition *x, const char *suffix) {
    if (!x->begun) {
        llmfi_x_head(x, "# HELP ", x->help);
        llmfi_x_head(x, "# TYPE ", x->type);
    }
    x->begun = true;
    x->labelled = false;
    llmfi_x_put(x, x->family);
    llmfi_x_put(x, suffix);
}

static void llmfi_x_label(llmfi_exposition *x, const char *name, llmf_str value) {
    size_t i, from = 0;
    llmfi_x_put(x, x->labelled ? "," : "{");
    x->labelled = true;
    llmfi_x_put(x, name);
    llmfi_x_put(x, "=\"");
    for (i = 0; i < value.len; i++) {
        const char *escaped = value.ptr[i] == '\\' ? "\\\\" : value.ptr[i] == '"' ? "\\\"" : value.ptr[i] == '\n' ? "\\n" : NULL;
        if (!escaped) continue;
        llmfi_put(&x->out, value.ptr + from, i - from);
        llmfi_x_put(x, escaped);
        from = i + 1;
    }
    llmfi_put(&x->out, value.ptr + from, value.len - from);
    llmfi_x_put(x, "\"");
}

static void llmfi_x_word(llmfi_exposition *x, const char *name, const char *value) {
    llmfi_x_label(x, name, llmfi_cstr(value));
}

/* `value` / 10^places, with the digits that it takes. */
static void llmfi_x_decimal(llmfi_out *o, uint64_t value, int places) {
    char digits[LLMFI_INT_TEXT], text[2 * LLMFI_INT_TEXT + 2];
    size_t len = llmfi_print_uint(digits, value), want = (size_t)places + 1, pad = len < want ? want - len : 0;
    memset(text, '0', pad);
    memcpy(text + pad, digits, len);
    len += pad;
    llmfi_put(o, text, len - (size_t)places);
    while (places && text[len - 1] == '0') {
        len--;
        places--;
    }
    if (!places) return;
    llmfi_put_char(o, '.');
    llmfi_put(o, text + len - places, (size_t)places);
}

static void llmfi_x_value(llmfi_exposition *x, uint64_t value, int places) {
    llmfi_x_put(x, x->labelled ? "} " : " ");
    llmfi_x_decimal(&x->out, value, places);
    llmfi_x_put(x, "\n");
}

/* Begins a sample of a model; op below 0: of all its operations. */
static void llmfi_x_series(llmfi_exposition *x, const char *suffix, const llmfi_series *s, int op) {
    llmfi_x_sample(x, suffix);
    llmfi_x_label(x, "provider", s->provider);
    llmfi_x_label(x, "model", s->model);
    if (op >= 0) llmfi_x_word(x, "operation", llmfi_word_at(llmfi_operation_words, op));
}

static void llmfi_x_histogram(llmfi_exposition *x, const llmfi_series *s, int op, const llmfi_histogram *h, const uint32_t *ends_us) {
    uint64_t below = 0;
    int i;
    if (!h->count) return;
    for (i = 0; i <= LLMFI_TIMES; i++) {
        char end[2 * LLMFI_INT_TEXT];
        llmfi_out o;
        llmfi_out_window(&o, end, sizeof end, 0);
        if (i < LLMFI_TIMES) llmfi_x_decimal(&o, ends_us[i], 6);
        else LLMFI_PUT(&o, "+Inf");
        below = i < LLMFI_TIMES ? below + h->at[i] : h->count;
        llmfi_x_series(x, "_bucket", s, op);
        llmfi_x_label(x, "le", llmfi_str(end, o.len));
        llmfi_x_value(x, below, 0);
    }
    llmfi_x_series(x, "_sum", s, op);
    llmfi_x_value(x, h->sum_ns, 9);
    llmfi_x_series(x, "_count", s, op);
    llmfi_x_value(x, h->count, 0);
}

/* The families whose samples are of a model and an operation, each printed by the same walk. */
enum { LLMFI_F_REQUESTS, LLMFI_F_DURATION, LLMFI_F_FIRST, LLMFI_F_OWN, LLMFI_F_TOKENS, LLMFI_F_COST, LLMFI_F_UNPRICED, LLMFI_F_COUNT };
static const struct {
    const char *name, *type, *help;
} llmfi_families[LLMFI_F_COUNT] = {
    {"llm_requests_total", "counter", "Calls that have ended, by how."},
    {"llm_request_duration_seconds", "histogram", "Time from the start of a call to its end."},
    {"llm_time_to_first_token_seconds", "histogram", "Time from the start of a call to the first content of its stream."},
    {"llm_overhead_seconds", "histogram", "Time that starting a call took until the transport had the request."},
    {"llm_tokens_used_total", "counter", "Tokens as providers report them: input includes cache_read and cache_write, output includes reasoning."},
    {"llm_cost_usd_total", "counter", "Cost of the attempts whose price is known, in US dollars."},
    {"llm_cost_unknown_total", "counter", "Attempts that used tokens at a price that is not known."}
};

static void llmfi_x_measured(llmfi_exposition *x, int family, const llmfi_series *s, int op, const llmfi_measured *m) {
    int i;
    switch (family) {
    case LLMFI_F_REQUESTS:
        for (i = 0; i < LLMFI_RESULTS; i++) {
            if (!m->requests[i]) continue;
            llmfi_x_series(x, "", s, op);
            llmfi_x_word(x, "status", llmf_result_name(i));
            llmfi_x_value(x, m->requests[i], 0);
        }
        break;
    case LLMFI_F_DURATION: llmfi_x_histogram(x, s, op, &m->duration, llmfi_call_times); break;
    case LLMFI_F_FIRST: llmfi_x_histogram(x, s, op, &m->first, llmfi_call_times); break;
    case LLMFI_F_OWN: llmfi_x_histogram(x, s, op, &m->own, llmfi_own_times); break;
    case LLMFI_F_TOKENS:
        for (i = 0; i < LLMFI_TOKENS; i++) {
            if (!(m->told >> i & 1)) continue;
            llmfi_x_series(x, "", s, op);
            llmfi_x_word(x, "type", llmfi_word_at(llmfi_token_kinds, i));
            llmfi_x_value(x, m->tokens[i], 0);
        }
        break;
    default:
        if (!(family == LLMFI_F_COST ? m->priced : m->unpriced)) break;
        llmfi_x_series(x, "", s, op);
        if (family == LLMFI_F_COST) llmfi_x_value(x, m->cost_pico, 12);
        else llmfi_x_value(x, m->unpriced, 0);
        break;
    }
}

static void llmfi_x_attempts(llmfi_exposition *x, const llmf_factory *f) {
    const llmfi_series *s;
    int i;
    llmfi_x_family(x, "llm_attempts_total", "counter", "Requests given to a transport that have ended, by what was wrong.");
    for (s = f->series; s; s = s->next)
        for (i = 0; i < LLMFI_RESULTS; i++) {
            if (!s->attempts[i]) continue;
            llmfi_x_series(x, "", s, -1);
            llmfi_x_word(x, "error", i ? llmf_result_name(i) : "none");
            llmfi_x_value(x, s->attempts[i], 0);
        }
}

/* What retries, fallbacks, breakers and the cache have told. */
static void llmfi_x_resilience(llmfi_exposition *x, const llmf_factory *f) {
    const llmfi_series *s;
    const llmfi_hop *h;
    llmfi_x_family(x, "llm_retries_total", "counter", "Times that a call was asked again of the same model.");
    for (s = LLMF_HAS_RETRY ? f->series : NULL; s; s = s->next) {
        llmfi_x_series(x, "", s, -1);
        llmfi_x_value(x, s->retries, 0);
    }
    llmfi_x_family(x, "llm_fallbacks_total", "counter", "Times that a call went on to another model.");
    for (h = f->hops; h; h = h->next) {
        llmfi_x_series(x, "", h->from, -1);
        llmfi_x_label(x, "to_provider", h->to->provider);
        llmfi_x_label(x, "to_model", h->to->model);
        llmfi_x_word(x, "cause", llmf_result_name(h->cause));
        llmfi_x_value(x, h->count, 0);
    }
    llmfi_x_family(x, "llm_cache_hits_total", "counter", "Calls answered from the cache of responses.");
    for (s = f->series; s; s = s->next) {
        if (!s->hits && !s->misses) continue;
        llmfi_x_series(x, "", s, -1);
        llmfi_x_value(x, s->hits, 0);
    }
    llmfi_x_family(x, "llm_cache_misses_total", "counter", "Calls looked for in the cache of responses in vain.");
    for (s = f->series; s; s = s->next) {
        if (!s->hits && !s->misses) continue;
        llmfi_x_series(x, "", s, -1);
        llmfi_x_value(x, s->misses, 0);
    }
}

/* Of several hosts of one model the worst. */
static void llmfi_x_breakers(llmfi_exposition *x, const llmf_factory *f) {
    const llmfi_health *h;
    llmfi_series *s;
    for (s = f->series; s; s = s->next) s->breaker = -1;
    for (h = f->health; h; h = h->next)
        if (h->series && llmfi_breaker_of(f, h) > h->series->breaker) h->series->breaker = llmfi_breaker_of(f, h);
    llmfi_x_family(x, "llm_breaker_state", "gauge", "0: closed, 1: half open, 2: open.");
    for (s = LLMF_HAS_RETRY ? f->series : NULL; s; s = s->next) {
        if (s->breaker < 0) continue;
        llmfi_x_series(x, "", s, -1);
        llmfi_x_value(x, (uint64_t)s->breaker, 0);
    }
}

static void llmfi_x_memory(llmfi_exposition *x, const char *kind, size_t bytes) {
    llmfi_x_sample(x, "");
    llmfi_x_word(x, "kind", kind);
    llmfi_x_value(x, bytes, 0);
}

static void llmfi_x_gauges(llmfi_exposition *x, const llmf_factory *f) {
    const llmfi_call *c;
    uint64_t active = 0;
    for (c = f->calls; c; c = c->next)
        if (!c->ended && llmfi_seen_call(c) == c && !llmfi_is_many(c)) active++;
    llmfi_x_family(x, "llm_calls_active", "gauge", "Calls under way.");
    llmfi_x_sample(x, "");
    llmfi_x_value(x, active, 0);
    llmfi_x_family(x, "llm_memory_bytes", "gauge", "The block of memory: all of it, taken for good, in use of the rest, and the most there was of that.");
    llmfi_x_memory(x, "block", f->block_size);
    llmfi_x_memory(x, "permanent", f->permanent);
    llmfi_x_memory(x, "used", f->heap.used);
    llmfi_x_memory(x, "high_water", f->heap.high);
}

LLMF_API size_t llmf_metrics(llmf_factory *f, char *out, size_t cap) {
    llmfi_exposition x;
    const llmfi_series *s;
    int i, op;
    memset(&x, 0, sizeof x);
    if (!out) cap = 0;
    llmfi_out_window(&x.out, out, cap ? cap - 1 : 0, 0);
    for (i = 0; f && i < LLMFI_F_COUNT; i++) {
        llmfi_x_family(&x, llmfi_families[i].name, llmfi_families[i].type, llmfi_families[i].help);
        for (s = f->series; s; s = s->next)
            for (op = 0; op < LLMFI_OPERATIONS; op++)
                if (s->of[op]) llmfi_x_measured(&x, i, s, op, s->of[op]);
    }
    if (f) {
        llmfi_x_attempts(&x, f);
        llmfi_x_resilience(&x, f);
        llmfi_x_breakers(&x, f);
        llmfi_x_gauges(&x, f);
    }
    if (f && f->desc.metrics) {
        llmfi_x_family(&x, "llm_metrics_lost_total", "counter", "Counts for which there was no memory.");
        llmfi_x_sample(&x, "");
        llmfi_x_value(&x, f->uncounted, 0);
    }
    if (cap) out[x.out.len] = '\0';
    return (size_t)x.out.total;
}

#else

LLMF_API size_t llmf_metrics(llmf_factory *f, char *out, size_t cap) {
    if (f) llmfi_error_left_out(&f->last_error, "llmf_metrics", "METRICS");
    if (out && cap) out[0] = '\0';
    return 0;
}

#endif
#endif
