/* Routes: which of some models shall answer. Candidates that cannot serve are left out, each with its reason; of the rest a rule chooses. */
#ifndef LLMFI_ENGINE_ROUTE_H
#define LLMFI_ENGINE_ROUTE_H
#include "budget.h"
#include "complexity.h"
#include "health.h"
#include "info.h"

#if LLMF_HAS_ROUTES

/* Tokens of what is not said: of a request that is not known yet, and of an answer without max_tokens. The same for all candidates, so that prices are compared. */
enum { LLMFI_ROUTE_TOKENS = 1000 };
enum { LLMFI_ENOUGH_SCORES = 5, LLMFI_CANDIDATE_TEXT = 120 };

/* One candidate on the scales. */
typedef struct llmfi_weighed {
    uint32_t at;                             /* its plain handle; 0: it has none */
    bool usable;
    int64_t weight;                          /* in millionths */
    uint64_t scores, score_ppm, bad;         /* as in its health */
    char text[LLMFI_CANDIDATE_TEXT];
} llmfi_weighed;

/* A decision under way. */
typedef struct llmfi_routing {
    llmf_factory *f;
    const llmf_route_desc *what;
    const llmf_request *req;                 /* NULL: not known */
    const llmfi_route *route;                /* NULL: all models of the config */
    llmfi_routed *routed;                    /* NULL: the same */
    llmf_str task;
    int rule;
    double complexity;
    uint32_t needs;
    uint64_t bytes;                          /* of the request's texts */
    int64_t media;                           /* tokens of what else it has */
    size_t count;
    llmf_candidate *candidates;
    llmfi_weighed *weighed;
} llmfi_routing;

/* ---- the request ---- */

static llmf_str llmfi_route_text(const char *text, size_t len) {
    return llmfi_str(text ? text : "", !text ? 0 : len ? len : llmfi_strlen(text));
}

/* The newest that the user says. */
static llmf_str llmfi_route_newest(const llmf_request *r) {
    llmf_str text = llmfi_route_text(r->prompt, r->prompt_len);
    size_t i;
    for (i = 0; r->messages && i < r->message_count; i++)
        if (r->messages[i].role == LLMF_USER) text = llmfi_route_text(r->messages[i].content, r->messages[i].content_len);
    return text;
}

static uint32_t llmfi_route_part(const llmf_part *p, uint64_t *bytes) {
    static const uint8_t needs[] = {0, LLMF_CAN_IMAGES, LLMF_CAN_AUDIO, LLMF_CAN_FILES};
    if (p->type == LLMF_PART_TEXT) *bytes += llmfi_route_text(p->text, p->text_len).len;
    else if (p->type != LLMF_PART_IMAGE) *bytes += ((uint64_t)p->data_len + 2) / 3 * 4;
    return p->type > LLMF_PART_TEXT && p->type <= LLMF_PART_FILE ? needs[p->type] : 0u;
}

/* Bytes of its texts, and what it needs of a model. */
static void llmfi_route_request(llmfi_routing *g) {
    const llmf_request *r = g->req;
    uint64_t ignored;
    size_t i, k;
    g->bytes = llmfi_route_text(r->prompt, r->prompt_len).len + llmfi_route_text(r->system, r->system_len).len;
    for (i = 0; r->messages && i < r->message_count; i++) {
        const llmf_message *m = &r->messages[i];
        g->bytes += 32 + llmfi_route_text(m->content, m->content_len).len + m->reasoning.len + m->state.len;
        for (k = 0; m->tool_calls && k < m->tool_call_count; k++) g->bytes += 64 + m->tool_calls[k].name.len + m->tool_calls[k].arguments.len;
        for (k = 0; m->parts && k < m->part_count; k++) g->needs |= llmfi_route_part(&m->parts[k], &g->bytes);
    }
    for (i = 0; r->tools && i < r->tool_count; i++)
        g->bytes += 64 + llmfi_cstr(r->tools[i].name).len + llmfi_cstr(r->tools[i].description).len + llmfi_cstr(r->tools[i].parameters).len;
    for (i = 0; r->op == LLMF_OP_EMBED && r->input && r->input->texts && i < r->input->text_count; i++) g->bytes += r->input->texts[i].len;
    g->bytes += llmfi_cstr(r->format).len;
    g->media = llmfi_media_tokens(r, &ignored);
    if (r->tool_count) g->needs |= LLMF_CAN_TOOLS;
    if (r->format && llmfi_trim(llmfi_cstr(r->format)).len && llmfi_trim(llmfi_cstr(r->format)).ptr[0] == '{') g->needs |= LLMF_CAN_SCHEMA;
    if (r->op == LLMF_OP_TRANSCRIBE) g->needs |= LLMF_CAN_TRANSCRIBE;
}

/* ---- one candidate ---- */

static llmfi_text llmfi_route_reason(llmfi_routing *g, size_t i, int reason) {
    g->candidates[i].reason = reason;
    g->weighed[i].usable = false;
    return llmfi_text_in(g->weighed[i].text, LLMFI_CANDIDATE_TEXT);
}

/* Its quality for the task: of the route, else of the model's entry; below 0: not known. */
static double llmfi_route_quality(const llmfi_node *n, llmf_str task) {
    double value = -1;
    if (n && n->type == LLMFI_OBJECT) {
        const llmfi_node *own = task.len ? llmfi_member(n, task) : NULL;
        n = own ? own : llmfi_member(n, LLMFI_LIT("default"));
    }
    if (n && n->type == LLMFI_NUMBER) llmfi_parse_double(n->text, &value);
    return value;
}

static bool llmfi_route_serves(const llmfi_node *use_cases, llmf_str task) {
    const llmfi_node *n;
    if (!use_cases || !use_cases->child || !task.len) return true;
    for (n = use_cases->child; n && !llmfi_eq_nocase(n->text, task); n = n->next) {}
    return n != NULL;
}

/* Whether a model may be asked just now; the words say why not. What is known of it may be NULL: nothing yet. */
static const char *llmfi_route_health(llmf_factory *f, const llmfi_health *h) {
#if LLMF_HAS_RETRY
    int code = LLMF_OK;
    if (!h || !h->guarded) return NULL;
    llmfi_now(f);
    if (!llmfi_health_closed_until(f, h, &code)) return NULL;
    return h->cool_until_ns > f->now_ns ? LLMFI_WORDS("is cooling down") : LLMFI_WORDS("has failed too often, and its breaker is open");
#else
    (void)f, (void)h;
    return NULL;
#endif
}

static bool llmfi_route_has_key(const llmf_factory *f, const llmfi_record *r) {
    int auth = LLMFI_AUTH_NONE;
    return f->replay || llmfi_record_has_key(r, &f->env, &auth) || auth == LLMFI_AUTH_NONE || (r->s.quirks & LLMFI_Q_NO_KEY_NEEDED);
}

/* The words of a capability that is missing. */
static void llmfi_route_missing(llmfi_text *t, uint32_t missing) {
    static const char words[] = "tools\0images\0audio\0files\0reasoning\0schema\0embeddings\0transcription\0";
    int bit;
    LLMFI_SAY(t, "is not known to have ");
    for (bit = 0; bit < 7 && !(missing >> bit & 1); bit++) continue;
    llmfi_say_c(t, llmfi_word_at(words, bit));
    LLMFI_SAY(t, ": see its key capabilities");
}

static int64_t llmfi_route_input(const llmfi_routing *g, const llmfi_record *r) {
#if LLMF_HAS_TOKENS
    int64_t exact = g->req ? llmfi_exact_tokens(g->f, r, g->req) : LLMF_UNKNOWN;
    if (exact >= 0) return exact;
#endif
    if (!g->req) return LLMFI_ROUTE_TOKENS;
    return llmfi_sum_most(g->media, llmfi_tokens_of(g->bytes + r->prompt_prefix.len + r->prompt_suffix.len));
}

/* Its own budgets have room for the most that the request may cost. */
static bool llmfi_route_has_room(llmfi_routing *g, size_t i, llmfi_prepared *p, int64_t input) {
#if LLMF_HAS_BUDGETS
    llmfi_bound bounds[LLMFI_BOUNDS];
    llmfi_price price = llmfi_record_price(&p->record, input);
    int64_t output = !g->req ? (int64_t)LLMFI_ROUTE_TOKENS : llmfi_output_most(&p->record.s, g->req->max_tokens > 0 ? g->req->max_tokens : p->record.max_tokens);
    int64_t most = llmfi_tokens_cost(&price, input, g->req && g->req->op == LLMF_OP_EMBED ? 0 : output, g->req && g->req->cache);
    llmfi_text t;
    int k;
    llmfi_bounds(g->f, p, g->routed ? g->routed->name : llmfi_str("", 0), bounds);
    for (k = 0; k < LLMFI_BUDGET_CALL; k++) {
        if (bounds[k].limit < 0 || (most >= 0 && llmfi_bound_fits(&bounds[k], most))) continue;
        t = llmfi_route_reason(g, i, most < 0 ? LLMF_ROUTE_NO_PRICE : LLMF_ROUTE_BUDGET);
        llmfi_say_bound(&t, &bounds[k]);
        if (most < 0) LLMFI_SAY(&t, " needs its price, which is not known");
        else LLMFI_SAY(&t, " has no room for it");
        return false;
    }
#else
    (void)g, (void)i, (void)p, (void)input;
#endif
    return true;
}

static int64_t llmfi_route_cost(const llmfi_routing *g, const llmfi_record *r, int64_t input) {
    llmfi_price price = llmfi_record_price(r, input);
    int64_t output = g->req && g->req->op == LLMF_OP_EMBED ? 0 : g->req && g->req->max_tokens > 0 ? g->req->max_tokens : (int64_t)LLMFI_ROUTE_TOKENS;
    return llmfi_tokens_cost(&price, input, output, g->req && g->req->cache);
}

/* False: more than the caller wants to pay. */
static bool llmfi_route_affords(llmfi_routing *g, size_t i) {
    int64_t budget = g->what->budget_pico, cost = g->candidates[i].cost_pico;
    llmfi_text t;
    if (!budget || (cost >= 0 && cost <= (budget > 0 ? budget : 0))) return true;
    t = llmfi_route_reason(g, i, cost < 0 ? LLMF_ROUTE_NO_PRICE : LLMF_ROUTE_BUDGET);
    if (cost < 0) LLMFI_SAY(&t, "its price is not known: see input_token_cost_usd_per_million");
    else LLMFI_SAY(&t, "costs more than budget_pico");
    return false;
}

/* Everything that may leave it out, but what it costs. */
static bool llmfi_route_fits(llmfi_routing *g, size_t i, const llmfi_prepared *p, const llmfi_node *use_cases, int64_t input) {
    const llmfi_record *r = &p->record;
    int64_t output = g->req && g->req->max_tokens > 0 ? g->req->max_tokens : r->max_tokens;
    const char *ill = llmfi_route_health(g->f, p->health);
    llmfi_text t;
    if (!llmfi_route_has_key(g->f, r)) {
        t = llmfi_route_reason(g, i, LLMF_ROUTE_NO_KEY);
        LLMFI_SAY(&t, "no key: ");
#if LLMF_HAS_STRINGS
        llmfi_record_key_hint(r, &t);
#endif
    } else if (g->needs & ~r->capabilities) {
        t = llmfi_route_reason(g, i, LLMF_ROUTE_CAPABILITY);
        llmfi_route_missing(&t, g->needs & ~r->capabilities);
    } else if (g->req && r->s.context_window > 0 && g->req->op != LLMF_OP_EMBED && llmfi_sum_most(input, output) > r->s.context_window) {
        t = llmfi_route_reason(g, i, LLMF_ROUTE_CONTEXT);
        LLMFI_SAY(&t, "its window of ");
        llmfi_say_int(&t, r->s.context_window);
        LLMFI_SAY(&t, " tokens may be too small for ");
        llmfi_say_int(&t, llmfi_sum_most(input, output));
    } else if (ill) {
        t = llmfi_route_reason(g, i, LLMF_ROUTE_HEALTH);
        llmfi_say_c(&t, ill);
    } else if (!llmfi_route_serves(use_cases, g->task)) {
        t = llmfi_route_reason(g, i, LLMF_ROUTE_TASK);
        LLMFI_SAY(&t, "is not for ");
        llmfi_say(&t, g->task);
    } else {
        return true;
    }
    return false;
}

/* As many millionths, rounded: the same on every machine. */
static int64_t llmfi_route_weight(double weight) {
    if (weight == LLMF_ZERO) return 0;
    return weight == 0 ? 1000000 : (int64_t)(weight * 1e6 + 0.5);
}

/* own: what the route says of it; NULL: nothing. False with *err: there is no memory to look at it. */
static bool llmfi_route_weigh(llmfi_routing *g, size_t i, const llmfi_route_candidate *own, llmf_error *err) {
    llmf_candidate *c = &g->candidates[i];
    llmfi_weighed *w = &g->weighed[i];
    const llmfi_record *r;
    llmfi_prepared *p;
    llmfi_text t;
    int64_t input;
    c->quality = -1;
    c->cost_pico = c->latency_us = LLMF_UNKNOWN;
    w->at = llmfi_handle_named(&g->f->handles, g->f->config, c->name, err);
    if (!w->at && err->code == LLMF_ERR_MEMORY) return false;
    if (!w->at) {
        t = llmfi_route_reason(g, i, err->code == LLMF_ERR_NOT_BUILT ? LLMF_ROUTE_NOT_BUILT : LLMF_ROUTE_UNKNOWN);
        llmfi_say_c(&t, err->text);
        llmfi_error_clear(err);
        return true;
    }
    p = llmfi_handle_slot(&g->f->handles, w->at)->prepared;
    r = &p->record;
    if (!p->health) p->health = llmfi_health_find(g->f, r->s.provider, r->s.model_id, llmfi_health_host(r->s.base_url));
    if (p->health && p->health->latency_us > 0) c->latency_us = p->health->latency_us;
    w->bad = p->health ? p->health->bad : 0;
    w->scores = p->health ? p->health->scores : 0;
    w->score_ppm = p->health ? p->health->score_ppm : 0;
    w->weight = llmfi_route_weight(own && own->weight != 0 ? own->weight : r->weight);
    c->quality = llmfi_route_quality(own && own->quality ? own->quality : r->quality, g->task);
    input = llmfi_route_input(g, r);
    w->usable = true;
    c->cost_pico = llmfi_route_cost(g, r, input);
    if (llmfi_route_fits(g, i, p, own && own->use_cases ? own->use_cases : r->use_cases, input) && llmfi_route_affords(g, i)) llmfi_route_has_room(g, i, p, input);
    return true;
}

/* ---- the rules ---- */

/* Below 0: a is better, above 0: b. Unknown comes last. */
static int llmfi_route_by_cost(const llmf_candidate *a, const llmf_candidate *b) {
    if (a->cost_pico == b->cost_pico) return 0;
    return a->cost_pico < 0 ? 1 : b->cost_pico < 0 || a->cost_pico < b->cost_pico ? -1 : 1;
}

/* One that was never tried comes first, one that only failed last. */
static int64_t llmfi_route_latency(const llmfi_routing *g, size_t i) {
    return g->candidates[i].latency_us > 0 ? g->candidates[i].latency_us : g->weighed[i].bad ? INT64_MAX : 0;
}

/* The mean of its scores in millionths; -1: not enough of them. */
static int64_t llmfi_route_mean(const llmfi_weighed *w) {
    return w->scores < LLMFI_ENOUGH_SCORES ? -1 : (int64_t)(w->score_ppm / w->scores);
}

static int llmfi_route_compare(const llmfi_routing *g, size_t a, size_t b) {
    const llmf_candidate *x = &g->candidates[a], *y = &g->candidates[b];
    int64_t m, n;
    if (g->rule == LLMFI_RULE_QUALITY && x->quality != y->quality) return x->quality > y->quality ? -1 : 1;
    if (g->rule == LLMFI_RULE_LATENCY) {
        m = llmfi_route_latency(g, a);
        n = llmfi_route_latency(g, b);
        if (m != n) return m < n ? -1 : 1;
    }
    if (g->rule == LLMFI_RULE_SCORED) {
        m = llmfi_route_mean(&g->weighed[a]);
        n = llmfi_route_mean(&g->weighed[b]);
        if (m != n) return m > n ? -1 : 1;
    }
    return llmfi_route_by_cost(x, y);
}

static size_t llmfi_route_best(const llmfi_routing *g) {
    size_t i, best = g->count;
    for (i = 0; i < g->count; i++)
        if (g->weighed[i].usable && (best == g->count || llmfi_route_compare(g, i, best) < 0)) best = i;
    return best;
}

static size_t llmfi_route_turn(const llmfi_routing *g) {
    size_t i, at = g->routed ? g->routed->turn : 0;
    for (i = 0; i < g->count; i++, at++) {
        if (at >= g->count) at = 0;
        if (g->weighed[at].usable) return at;
    }
    return g->count;
}

/* Mixes all bits (splitmix64). */
static uint64_t llmfi_route_mix(uint64_t z) {
    z += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static uint64_t llmfi_route_draw(llmfi_routing *g) {
    llmf_factory *f = g->f;
    uint64_t bits = 0;
    unsigned char bytes[8];
    size_t i;
    if (g->what->seed) return llmfi_route_mix(g->what->seed);
    if (!f->desc.random) {
        if (!f->route_draws) f->route_draws = (LLMF_HAS_STDLIB ? llmfi_clock_ns() : f->now_ns) ^ (uint64_t)(uintptr_t)f;
        return llmfi_route_mix(f->route_draws += UINT64_C(0x9e3779b97f4a7c15));
    }
    f->desc.random(f->desc.user, bytes, sizeof bytes);
    for (i = 0; i < sizeof bytes; i++) bits = bits << 8 | bytes[i]; /* the same on every machine */
    return bits;
}

/* Where all weights are 0 nothing is drawn: as many as there are. */
static size_t llmfi_route_drawn(llmfi_routing *g) {
    uint64_t sum = 0, at;
    size_t i;
    for (i = 0; i < g->count; i++)
        if (g->weighed[i].usable) sum += (uint64_t)g->weighed[i].weight;
    if (!sum) return g->count;
    at = llmfi_route_draw(g) % sum;
    for (i = 0; i < g->count; i++) {
        if (!g->weighed[i].usable) continue;
        if (at < (uint64_t)g->weighed[i].weight) break;
        at -= (uint64_t)g->weighed[i].weight;
    }
    return i;
}

/* -log2 of h as a part of 2^64, in 2^-32: by squaring, so that it is the same on every machine. At most 64 * 2^32. */
static uint64_t llmfi_route_log(uint64_t h) {
    uint64_t whole = 0, part = 0;
    int i;
    h |= 1;
    for (; !(h >> 63); h <<= 1) whole++;
    h >>= 32; /* 1 to 2, in 2^-31 */
    for (i = 0; i < 32; i++) {
        h = h * h >> 31;
        part <<= 1;
        if (h >> 32) {
            part |= 1;
            h >>= 1;
        }
    }
    return ((whole + 1) << 32) - part;
}

static uint64_t llmfi_route_hash(llmf_str key, llmf_str name) {
    uint64_t h = UINT64_C(14695981039346656037); /* FNV-1a */
    size_t i;
    for (i = 0; i < key.len; i++) h = (h ^ (unsigned char)key.ptr[i]) * UINT64_C(1099511628211);
    h = (h ^ 0xff) * UINT64_C(1099511628211); /* in no UTF-8: ends the key */
    for (i = 0; i < name.len; i++) h = (h ^ (unsigned char)name.ptr[i]) * UINT64_C(1099511628211);
    return llmfi_route_mix(h);
}

/* Weighted rendezvous hashing: each candidate draws -log(hash of key and name) / weight, the least wins. Where a weight grows, keys move to that candidate only;
   where one shrinks or goes, its keys alone move. */
static size_t llmfi_route_split(const llmfi_routing *g) {
    uint64_t least = 0, draw;
    size_t i, best = g->count;
    for (i = 0; i < g->count; i++) {
        if (!g->weighed[i].usable || !g->weighed[i].weight) continue;
        draw = llmfi_route_log(llmfi_route_hash(llmfi_cstr(g->what->key), g->candidates[i].name)); /* 2^38 at most */
        draw = (draw << 24) / (uint64_t)g->weighed[i].weight;
        if (best == g->count || draw < least) {
            best = i;
            least = draw;
        }
    }
    return best;
}

static size_t llmfi_route_choose(llmfi_routing *g) {
    switch (g->rule) {
    case LLMFI_RULE_ROUND_ROBIN: return llmfi_route_turn(g);
    case LLMFI_RULE_WEIGHTED: return llmfi_route_drawn(g);
    case LLMFI_RULE_SPLIT: return g->what->key ? llmfi_route_split(g) : llmfi_route_drawn(g);
    default: return llmfi_route_best(g);
    }
}

/* ---- the decision ---- */

/* What was chosen, and why the others were not, by rule. */
static void llmfi_route_tell(llmfi_routing *g, size_t chosen) {
    static const char won[] = "is the cheapest\0has the best quality\0is the quickest\0was drawn\0its turn has come\0the key is its\0has the best scores\0";
    static const char lost[] = "another is cheaper\0another has better quality\0another is quicker\0another was drawn\0it is another's turn\0the key is another's\0another has better scores\0";
    size_t i;
    for (i = 0; i < g->count; i++) {
        llmf_candidate *c = &g->candidates[i];
        if (g->weighed[i].usable) {
            llmfi_text t = llmfi_route_reason(g, i, i == chosen ? LLMF_ROUTE_CHOSEN : LLMF_ROUTE_LOST);
#if LLMF_HAS_STRINGS
            llmfi_say_c(&t, i == chosen ? llmfi_word_at(won, g->rule) : chosen == g->count ? "its weight is 0" : llmfi_word_at(lost, g->rule));
#endif
            (void)t, (void)won, (void)lost;
        }
        c->text = llmfi_cstr(g->weighed[i].text);
    }
}

/* "fast: is the cheapest; smart: no key: set OPENAI_API_KEY". */
static void llmfi_route_say(const llmfi_routing *g, llmfi_text *t) {
    size_t i;
    for (i = 0; i < g->count; i++) {
        if (i) llmfi_say_c(t, "; ");
        llmfi_say(t, g->candidates[i].name);
        llmfi_say_c(t, ": ");
        llmfi_say(t, g->candidates[i].text);
    }
}

static void llmfi_route_log_line(const llmfi_routing *g, size_t chosen) {
    char line[1024];
    llmfi_text t = llmfi_text_in(line, sizeof line);
    if (!g->f->desc.log || g->f->desc.log_level < LLMF_LOG_INFO) return;
    LLMFI_SAY(&t, "route ");
    if (g->route) llmfi_say(&t, g->route->name);
    llmfi_say_c(&t, " (");
    llmfi_say_c(&t, llmfi_word_at(llmfi_route_rules, g->rule));
    llmfi_say_c(&t, "): ");
    if (chosen < g->count) llmfi_say(&t, g->candidates[chosen].name);
    else LLMFI_SAY(&t, "none");
    llmfi_say_c(&t, ". ");
    llmfi_route_say(g, &t);
    llmfi_log(g->f, LLMF_LOG_INFO, 4, llmfi_str(line, t.len));
}

static LLMFI_COLD void llmfi_route_none(const llmfi_routing *g, llmf_error *err) {
    llmfi_text t = llmfi_error_begin(err, LLMF_ERR_ALL_FAILED);
    LLMFI_SAY(&t, "no model of ");
    llmfi_say(&t, g->route ? g->route->name : LLMFI_LIT("the config"));
    LLMFI_SAY(&t, " can be asked: ");
    llmfi_route_say(g, &t);
}

/* ---- from a description to a decision ---- */

static LLMFI_COLD bool llmfi_route_unknown(const llmf_factory *f, llmf_str name, llmf_error *err) {
    llmfi_text t = llmfi_error_begin(err, LLMF_ERR_UNKNOWN_MODEL);
    llmfi_nearest near_names = llmfi_nearest_to(name);
    const llmfi_route *r;
    for (r = f->config->routes; r; r = r->next) llmfi_nearest_try(&near_names, r->name);
    LLMFI_SAY(&t, "llmf_route_desc.route: there is no route ");
    llmfi_say(&t, name);
    llmfi_nearest_say(&near_names, &t);
    if (!near_names.count) LLMFI_SAY(&t, "; the config's section routes has them");
    return false;
}

static LLMFI_COLD bool llmfi_route_bad(llmf_error *err, const char *field, const char *what) {
    llmfi_text t = llmfi_error_begin(err, LLMF_ERR_ARGUMENT);
    llmfi_say_c(&t, "llmf_route_desc.");
    llmfi_say_c(&t, field);
    LLMFI_SAY(&t, ": ");
#if LLMF_HAS_STRINGS
    llmfi_say_c(&t, what);
#endif
    (void)what;
    return false;
}

/* What is kept of a route over a reload; NULL: no memory. */
static llmfi_routed *llmfi_routed_of(llmf_factory *f, llmf_str name) {
    llmfi_routed *r = f->routes;
    char *text;
    while (r && !llmfi_eq(r->name, name)) r = r->next;
    if (r) return r;
    r = (llmfi_routed *)llmfi_heap_alloc(&f->heap, sizeof *r + name.len);
    if (!r) return NULL;
    memset(r, 0, sizeof *r);
    text = (char *)(r + 1);
    memcpy(text, name.ptr, name.len);
    r->name = llmfi_str(text, name.len);
    r->next = f->routes;
    f->routes = r;
    return r;
}

/* The i-th name, and what the route says of it; NULL: nothing. */
static llmf_str llmfi_route_name(const llmfi_routing *g, size_t i, const llmfi_route_candidate **own) {
    const llmfi_entry *e = g->f->config->models;
    *own = NULL;
    if (g->route && g->route->count) {
        *own = &g->route->candidates[i];
        return (*own)->model;
    }
    while (i--) e = e->next;
    return e->key;
}

/* Room for all candidates and their names, which stays until the next decision. */
static bool llmfi_route_room(llmfi_routing *g) {
    const llmfi_route_candidate *own;
    llmfi_buf *b = &g->f->decision;
    size_t i, need = 0;
    char *at;
    for (i = 0; i < g->count; i++) need += sizeof *g->candidates + sizeof *g->weighed + llmfi_route_name(g, i, &own).len + 1;
    b->len = 0;
    if (!llmfi_buf_reserve(b, need + 1)) return false;
    memset(b->ptr, 0, need);
    g->candidates = (llmf_candidate *)(void *)b->ptr;
    g->weighed = (llmfi_weighed *)(void *)(g->candidates + g->count);
    at = (char *)(g->weighed + g->count);
    for (i = 0; i < g->count; i++) {
        llmf_str name = llmfi_route_name(g, i, &own);
        memcpy(at, name.ptr, name.len);
        g->candidates[i].name = llmfi_str(at, name.len);
        at += name.len + 1;
    }
    return true;
}

/* The description, checked; the rule that holds. */
static bool llmfi_route_begin(llmfi_routing *g, llmf_error *err) {
    const llmf_route_desc *what = g->what;
    if (!(what->complexity >= 0 && what->complexity <= 1)) return llmfi_route_bad(err, "complexity", "must be from 0 to 1");
    if (what->budget_pico < -1) return llmfi_route_bad(err, "budget_pico", "must not be negative (0: none; LLMF_ZERO: nothing)");
    if (what->estimate_complexity && !g->req) return llmfi_route_bad(err, "request", "is NULL, but estimate_complexity wants to see it");
    if (what->route) g->route = llmfi_config_route(g->f->config, llmfi_cstr(what->route));
    if (what->route && !g->route) return llmfi_route_unknown(g->f, llmfi_cstr(what->route), err);
    if (g->route) g->routed = llmfi_routed_of(g->f, g->route->name);
    if (g->route && !g->routed) return llmfi_error_memory(err);
    g->count = g->route && g->route->count ? g->route->count : g->f->config->model_count;
    if (!g->count) return llmfi_error_set(err, LLMF_ERR_UNKNOWN_MODEL, "llmf_route: the config has no models to choose from: put some under models");
    g->task = what->task ? llmfi_cstr(what->task) : g->route ? g->route->task : llmfi_str("", 0);
    g->needs = what->needs;
    g->complexity = what->complexity;
    if (g->req) llmfi_route_request(g);
    if (what->estimate_complexity) {
        double guess = llmfi_complexity(llmfi_route_newest(g->req));
        if (guess > g->complexity) g->complexity = guess;
    }
    g->rule = g->route ? g->route->rule : LLMFI_RULE_CHEAPEST;
    if (g->rule == LLMFI_RULE_CHEAPEST && g->complexity > (g->route ? g->route->threshold : 0.5)) g->rule = LLMFI_RULE_QUALITY;
    return llmfi_route_room(g) || llmfi_error_memory(err);
}

/* The handle of the chosen one; 0 with *err. */
static uint32_t llmfi_route_decide(llmfi_routing *g, llmf_decision *why, llmf_error *err) {
    const llmfi_route_candidate *own;
    uint32_t at;
    size_t i, chosen;
    if (!llmfi_route_begin(g, err)) return 0;
    for (i = 0; i < g->count; i++) {
        (void)llmfi_route_name(g, i, &own);
        if (!llmfi_route_weigh(g, i, own, err)) return 0;
    }
    chosen = llmfi_route_choose(g);
    llmfi_route_tell(g, chosen);
    why->candidates = g->candidates;
    why->candidate_count = g->count;
    why->chosen = chosen;
    why->complexity = g->complexity;
    why->input_tokens = g->req ? llmfi_sum_most(g->media, llmfi_tokens_of(g->bytes)) : LLMF_UNKNOWN;
    llmfi_route_log_line(g, chosen);
    if (chosen == g->count) {
        llmfi_route_none(g, err);
        return 0;
    }
    if (!g->routed) return g->weighed[chosen].at;
    at = llmfi_handle_routed(&g->f->handles, g->f->config, g->candidates[chosen].name, g->routed, err);
    if (at && g->rule == LLMFI_RULE_ROUND_ROBIN) g->routed->turn = chosen + 1;
    return at;
}

static void llmfi_route_close(llmf_factory *f) {
    llmfi_buf_free(&f->decision);
    while (f->routes) {
        llmfi_routed *next = f->routes->next;
        llmfi_heap_free(&f->heap, f->routes);
        f->routes = next;
    }
}

/* ---- the public side ---- */

LLMF_API llmf_model llmf_route_abi(llmf_factory *f, const llmf_route_desc *what, size_t what_size, size_t req_size, llmf_decision *why, size_t why_size, llmf_error *err) {
    llmf_model m = {0};
    llmf_route_desc given;
    llmf_request req;
    llmf_decision made;
    llmf_error local;
    llmfi_routing g;
    uint32_t at = 0;
    if (!err) err = &local;
    llmfi_error_clear(err);
    memset(&given, 0, sizeof given);
    memset(&made, 0, sizeof made);
    memset(&g, 0, sizeof g);
    if (what) memcpy(&given, what, what_size < sizeof given ? what_size : sizeof given);
    if (given.request) {
        memset(&req, 0, sizeof req);
        memcpy(&req, given.request, req_size < sizeof req ? req_size : sizeof req);
        g.req = &req;
    }
    g.f = f;
    g.what = &given;
    if (!f) llmfi_error_set(err, LLMF_ERR_ARGUMENT, "the factory is NULL");
    else at = llmfi_route_decide(&g, &made, err);
    if (why) memcpy(why, &made, why_size < sizeof made ? why_size : sizeof made);
    if (at) m.id = llmfi_handle_id(&f->handles, at);
    else if (f) f->last_error = *err;
    return m;
}

LLMF_API llmf_result llmf_score(llmf_factory *f, llmf_call id, double value) {
    llmfi_call *c = llmfi_call_of(f, id);
    llmfi_health *h = c ? llmfi_health_at(c) : NULL;
    if (!c) return LLMF_ERR_STALE;
    if (!(value >= 0 && value <= 1) || !c->prepared) {
        llmfi_error_set(&f->last_error, LLMF_ERR_ARGUMENT, c->prepared ? "llmf_score: value must be from 0 to 1" : "llmf_score: the call failed before it had a model");
        return LLMF_ERR_ARGUMENT;
    }
    if (!h || h->scores == UINT64_MAX / 1000000) {
        llmfi_error_set(&f->last_error, LLMF_ERR_LIMIT, "llmf_score: there is no room to keep it: raise LLMF_MAX_HEALTH, or llmf_desc.memory_size");
        return LLMF_ERR_LIMIT;
    }
    h->scores++;
    h->score_ppm += (uint64_t)(value * 1e6 + 0.5);
    return LLMF_OK;
}

#else

LLMF_API llmf_model llmf_route_abi(llmf_factory *f, const llmf_route_desc *what, size_t what_size, size_t req_size, llmf_decision *why, size_t why_size, llmf_error *err) {
    llmf_model none = {0};
    llmf_error local;
    (void)what, (void)what_size, (void)req_size;
    if (!err) err = &local;
    llmfi_error_left_out(err, "llmf_route", "ROUTES");
    if (why) memset(why, 0, why_size);
    if (f) f->last_error = *err;
    return none;
}

LLMF_API llmf_result llmf_score(llmf_factory *f, llmf_call c, double value) {
    (void)c, (void)value;
    if (f) llmfi_error_left_out(&f->last_error, "llmf_score", "ROUTES");
    return LLMF_ERR_NOT_BUILT;
}

#endif
#endif
