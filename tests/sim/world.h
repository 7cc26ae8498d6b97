/* Three providers that answer, fail, charge and count as a script of faults has it, the calls that ask them, and the clairvoyant who knows all that beforehand. */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H
#include "../engine/script.h"
#include "faults.h"

enum { SIM_MINUTE = 8192, SIM_BODY = 2048, SIM_BODIES = 1024, SIM_MS = 1000000 }; /* bodies: of the latest requests; none is under way for so many others */

/* Pico-dollars a token; milliseconds. */
static const struct { char name; int64_t input, output; int latency, per_token; } sim_providers[SIM_PROVIDERS] = {
    {'a', 1000000, 4000000, 500, 6},
    {'b', 1250000, 5000000, 700, 5},
    {'c', 2000000, 8000000, 400, 4}
};
enum { SIM_TIMEOUT_MS = 5000 };    /* timeout_first_byte of every policy: the longest good answer takes 4.4 s */

/* What was sent in the last minute. */
typedef struct sim_minute {
    uint64_t at[SIM_MINUTE];
    int64_t tokens[SIM_MINUTE], sum;
    unsigned first, next;
} sim_minute;

typedef struct sim_call {
    llmf_call id;
    bool stream, callback, content, ended;
    int finals, code, asked;
    int64_t in, out, most_out;     /* tokens */
    uint64_t start;
    int64_t latency_ms, best;      /* best: what the clairvoyant pays; -1: nobody would answer */
} sim_call;

typedef struct sim_world {
    script s;                      /* first: it is the user of the hooks */
    const sim_script *faults;
    uint64_t seed, from, random;   /* from: the moment of the first call */
    sim_minute sent[SIM_PROVIDERS], taken[SIM_PROVIDERS], best[SIM_PROVIDERS]; /* requests; those that were accepted; the clairvoyant's */
    sim_call *calls;
    int count, open, most_open;
    int64_t pico;                  /* charged */
    int64_t total_ms;              /* timeouts.total_ms of each call */
    int asked, answered, above, after_content, wrong_text, wrong_cost;
    char bodies[SIM_BODIES][SIM_BODY];
} sim_world;

/* Chance that depends on nothing but what it is about. */
static uint64_t sim_hash(const sim_world *w, uint64_t a, uint64_t b) {
    uint64_t z = w->seed * UINT64_C(0x9E3779B97F4A7C15) ^ a * UINT64_C(0xBF58476D1CE4E5B9) ^ b * UINT64_C(0x94D049BB133111EB);
    int i;
    for (i = 0; i < 2; i++) {
        z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
        z ^= z >> 31;
    }
    return z;
}

static int64_t sim_ms(const sim_world *w) {
    return (int64_t)((w->s.w.now - w->from) / SIM_MS);
}

static int64_t sim_price(int provider, int64_t in, int64_t out) {
    return in * sim_providers[provider].input + out * sim_providers[provider].output;
}

/* ---- minutes ---- */

/* Takes out what is sixty seconds old. */
static void sim_minute_move(sim_minute *m, uint64_t now) {
    while (m->first != m->next && now - m->at[m->first % SIM_MINUTE] >= UINT64_C(60000000000)) m->sum -= m->tokens[m->first++ % SIM_MINUTE];
}

static void sim_minute_add(sim_minute *m, uint64_t now, int64_t tokens) {
    if (m->next - m->first == SIM_MINUTE) abort();
    m->at[m->next % SIM_MINUTE] = now;
    m->tokens[m->next++ % SIM_MINUTE] = tokens;
    m->sum += tokens;
}

/* Does the provider's limit have room for one more? */
static bool sim_room(const sim_world *w, sim_minute *m, int provider, int64_t tokens) {
    long rpm = sim_limit(w->faults, provider, LIMIT_RPM), tpm = sim_limit(w->faults, provider, LIMIT_TPM);
    sim_minute_move(m, w->s.w.now);
    return (!rpm || m->next - m->first < (unsigned long)rpm) && (!tpm || m->sum + tokens <= tpm);
}

/* ---- what a provider does ---- */

/* The fault that a request meets now; NULL: none. `chance` tells for those that meet only some. */
static const sim_fault *sim_meets(const sim_world *w, int provider, uint64_t chance) {
    int i;
    for (i = 0; i < w->faults->count; i++) {
        const sim_fault *f = &w->faults->at[i];
        if (!sim_is_limit(f) && sim_holds(f, provider, sim_ms(w)) && (int)(sim_hash(w, chance, (uint64_t)i) % 100) < f->percent) return f;
    }
    return NULL;
}

static script_reply sim_error(sim_world *w, int status, const char *code, long retry_after) {
    static const script_reply none;
    script_reply r = none;
    char *at = w->bodies[w->asked % SIM_BODIES];
    r.delay_ms = 40;
    r.status = status;
    snprintf(at, SIM_BODY, "{\"error\":{\"message\":\"as the script has it\",\"type\":\"t\",\"code\":\"%s\"}}", code);
    r.body = at;
    if (retry_after < 0) return r;
    r.headers[0] = "Retry-After";
    r.headers[1] = at + SIM_BODY - 16;
    snprintf(at + SIM_BODY - 16, 16, "%d", (int)retry_after);
    return r;
}

/* A whole answer, that begins with its provider and the number of its request, so that pieces of two would be seen. */
static script_reply sim_answer(sim_world *w, const sim_call *c, int provider) {
    static const script_reply none;
    script_reply r = none;
    char *at = w->bodies[w->asked % SIM_BODIES], usage[128];
    int64_t ms = sim_providers[provider].latency;
    uint64_t chance = sim_hash(w, 7, (uint64_t)w->asked);
    snprintf(usage, sizeof usage, "\"usage\":{\"prompt_tokens\":%d,\"completion_tokens\":%d,\"total_tokens\":%d}", (int)c->in, (int)c->out, (int)(c->in + c->out));
    ms = ms * (int64_t)(60 + chance % 80) / 100 * (chance >> 32 & 63 ? 1 : 3);
    if (c->stream)
        snprintf(at, SIM_BODY, KIT_CHUNK("{\"role\":\"assistant\",\"content\":\"\"}") KIT_CHUNK("{\"content\":\"%c#%d\"}") KIT_CHUNK("{\"content\":\" one\"}") KIT_CHUNK("{\"content\":\" two\"}")
            KIT_CHUNK("{\"content\":\" end.\"}") KIT_FINISH("stop") "data: {\"id\":\"c1\",\"choices\":[],%s}\n\n" KIT_DONE, sim_providers[provider].name, w->asked, usage);
    else
        snprintf(at, SIM_BODY, "{\"id\":\"a\",\"object\":\"chat.completion\",\"model\":\"m-1\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"%c#%d one two end.\"},"
            "\"finish_reason\":\"stop\"}],%s}", sim_providers[provider].name, w->asked, usage);
    r.delay_ms = c->stream ? ms : ms + c->out * sim_providers[provider].per_token;
    r.piece_ms = c->stream ? 1 + c->out * sim_providers[provider].per_token / 8 : 0;
    r.status = 200;
    r.body = at;
    return r;
}

/* What is charged for a reply that does not come to its end, too. */
static script_reply sim_spoilt(sim_world *w, const sim_call *c, int provider, const sim_fault *f) {
    script_reply r = sim_answer(w, c, provider);
    size_t len = strlen(r.body);
    switch (sim_words[f->word].what) {
    case DO_SLOW:
        r.delay_ms += f->n;
        w->pico += sim_price(provider, c->in, c->out);
        return r;
    case DO_CUT0:
        r.cut = c->stream ? 100 : 20;
        w->pico += sim_price(provider, c->in, 0);
        break;
    default:
        r.cut = len / 2;
        w->pico += sim_price(provider, c->in, c->out / 2);
        break;
    }
    r.end = LLMF_ERR_NETWORK;
    return r;
}

static script_reply sim_fails(sim_world *w, const sim_call *c, int provider, const sim_fault *f) {
    script_reply r;
    switch (sim_words[f->word].what) {
    case DO_STATUS: return sim_error(w, sim_words[f->word].status, sim_words[f->word].status == 401 ? "invalid_api_key" : "x", f->n);
    case DO_QUOTA: return sim_error(w, 429, "insufficient_quota", -1);
    case DO_HTML:
        r = sim_error(w, 502, "", -1);
        r.body = "<html><title>502 Bad Gateway</title></html>";
        return r;
    case DO_DEAD:
    case DO_RST:
        memset(&r, 0, sizeof r);
        r.delay_ms = sim_words[f->word].what == DO_DEAD ? -1 : 5;
        r.end = LLMF_ERR_NETWORK;
        return r;
    default: return sim_spoilt(w, c, provider, f);
    }
}

/* Counts a request, and answers it. */
static script_reply sim_serve(script *s, const llmf_http_request *req, int n) {
    sim_world *w = (sim_world *)(void *)s;
    int provider = req->url.ptr[7] - 'a';
    const char *number = strstr(s->body, "\"#");
    sim_call *c;
    const sim_fault *f;
    if (!number || provider < 0 || provider >= SIM_PROVIDERS || atoi(number + 2) >= w->count) abort();
    c = &w->calls[atoi(number + 2)];
    w->asked = n;
    c->asked++;
    if (c->content || c->ended) w->after_content++;
    if (!sim_room(w, &w->sent[provider], provider, 0)) w->above++;
    sim_minute_add(&w->sent[provider], s->w.now, 0);
    f = sim_meets(w, provider, (uint64_t)n << 8);
    if (f) return sim_fails(w, c, provider, f);
    if (!sim_room(w, &w->taken[provider], provider, c->in + c->out)) {
        if (sim_limit(w->faults, provider, LIMIT_TPM)) w->above++;
        return sim_error(w, 429, "rate_limit_exceeded", 5);
    }
    sim_minute_add(&w->taken[provider], s->w.now, c->in + c->out);
    w->pico += sim_price(provider, c->in, c->out);
    return sim_answer(w, c, provider);
}

/* ---- the clairvoyant ---- */

/* Asks the cheapest that would answer, once. */
static int64_t sim_best(sim_world *w, const sim_call *c) {
    int i;
    for (i = 0; i < SIM_PROVIDERS; i++) {
        const sim_fault *f = sim_meets(w, i, (uint64_t)(c - w->calls) << 8 | 1);
        if (f && (sim_words[f->word].what != DO_SLOW || f->n + 4400 > SIM_TIMEOUT_MS)) continue;
        if (!sim_room(w, &w->best[i], i, c->in + c->out)) continue;
        sim_minute_add(&w->best[i], w->s.w.now, c->in + c->out);
        return sim_price(i, c->in, c->out);
    }
    return -1;
}

/* ---- what callers see ---- */

static void sim_see(sim_world *w, sim_call *c, const llmf_event *ev) {
    const llmf_response *r = ev->response;
    const char *sharp;
    int provider;
    if (ev->type == LLMF_EVENT_TEXT) c->content = true;
    if (!r) return;
    c->finals++;
    c->ended = true;
    c->code = r->error.code;
    c->latency_ms = r->latency_ms;
    if (r->attempt_total != c->asked) w->wrong_cost++;
    sharp = r->text.len ? memchr(r->text.ptr, '#', r->text.len) : NULL;
    if (r->text.len && (sharp != r->text.ptr + 1 || memchr(sharp + 1, '#', r->text.len - 2))) w->wrong_text++;
    if (c->code != LLMF_OK) return;
    w->answered++;
    provider = r->text.len ? r->text.ptr[0] - 'a' : 0;
    if (r->text.len < 5 || memcmp(r->text.ptr + r->text.len - 4, "end.", 4) != 0) w->wrong_text++;
    else if (r->provider.ptr[1] != r->text.ptr[0]) w->wrong_cost++;
    else if (r->cost_pico == LLMF_UNKNOWN && c->stream && r->latency_ms == w->total_ms) return; /* its time ended between the last word and the usage */
    else if (r->cost_pico != sim_price(provider, c->in, c->out)) w->wrong_cost++;
}

/* The call that a callback belongs to is its user. */
static sim_world *sim_now;

static int sim_on_event(void *user, const llmf_event *ev) {
    sim_see(sim_now, (sim_call *)user, ev);
    return LLMF_CONTINUE;
}

static void sim_bytes(void *user, void *bytes, size_t len) {
    unsigned char *to = (unsigned char *)bytes;
    sim_world *w = (sim_world *)user;
    while (len--) *to++ = (unsigned char)(sim_hash(w, 9, ++w->random) >> 56);
}

#endif
