/* A simulator: thousands of calls by the public API against three providers that fail as a script has it, in virtual time. `sim --help` tells of the language and of the
   columns. Without arguments: the scenarios with their bars, and a sweep over seeds for what must hold whatever happens. */
#include "world.h"

static sim_world world;

/* ---- policies ---- */

typedef struct sim_policy {
    const char *name;
    llmf_retry retry;
    bool chain, limits;            /* limits: the config has the providers' own */
    int attempts;                  /* that a call may make at most: (1 + max_retries) * (1 + fallbacks) */
} sim_policy;

static const sim_policy policies[] = {
    {"none", {.max_retries = -1}, false, false, 1},
    {"retry", {.max_retries = 2}, false, false, 3},
    {"fallback", {.max_retries = -1, .cooldown_ms = -1, .breaker_failures = -1}, true, false, 3},
    {"full", {.max_retries = 2}, true, true, 9},
};
enum { NONE, RETRY, FALLBACK, FULL, POLICIES };

/* a, b and c; a call asks a, which has the chain. */
static void sim_config(char *to, size_t cap, const sim_policy *p, const sim_script *faults) {
    size_t n = (size_t)snprintf(to, cap, "providers:\n");
    int i;
    for (i = 0; i < SIM_PROVIDERS; i++)
        n += (size_t)snprintf(to + n, cap - n, "  p%c: {dialect: openai, base_url: 'http://%c.test/v1', auth: none}\n", 'a' + i, 'a' + i);
    n += (size_t)snprintf(to + n, cap - n, "models:\n");
    for (i = 0; i < SIM_PROVIDERS; i++) {
        long rpm = sim_limit(faults, i, LIMIT_RPM), tpm = sim_limit(faults, i, LIMIT_TPM);
        n += (size_t)snprintf(to + n, cap - n, "  %c: {provider: p%c, model_id: m, input_token_cost_usd_per_million: %.2f, output_token_cost_usd_per_million: %.2f, timeout_first_byte: %d ms",
            'a' + i, 'a' + i, (double)sim_providers[i].input / 1e6, (double)sim_providers[i].output / 1e6, SIM_TIMEOUT_MS);
        if (p->chain && i == 0) n += (size_t)snprintf(to + n, cap - n, ", fallbacks: [b, c]");
        if (p->limits && rpm) n += (size_t)snprintf(to + n, cap - n, ", rpm: %ld", rpm);
        if (p->limits && tpm) n += (size_t)snprintf(to + n, cap - n, ", tpm: %ld", tpm);
        n += (size_t)snprintf(to + n, cap - n, "}\n");
    }
}

/* ---- a run ---- */

typedef struct sim_run {
    uint64_t seed;
    int calls;
    double rate;                   /* calls a second */
    int64_t total_ms;              /* timeouts.total_ms of a call */
    bool log;
} sim_run;

typedef struct sim_result {
    int calls, answered, asked, above;
    double answer, usd, over, per_call; /* answer: percent */
    int64_t p50, p99;
    int most_asked, not_once, after_content, wrong_text, wrong_cost, left;
    size_t high_water, leak;
} sim_result;

static void sim_start_one(sim_world *w, llmf_factory *f, llmf_model m, const sim_run *run) {
    static char prompt[4096];
    sim_call *c = &w->calls[w->count];
    uint64_t chance = sim_hash(w, 3, (uint64_t)w->count);
    llmf_request req;
    int len = 40 + (int)(chance % 1200);
    memset(c, 0, sizeof *c);
    memset(&req, 0, sizeof req);
    memset(prompt, 'w', (size_t)len);
    prompt[len] = '\0';
    len = snprintf(prompt, 16, "#%d", w->count);
    prompt[len] = ' ';
    c->stream = chance >> 32 & 1;
    c->callback = chance >> 33 & 1;
    c->in = (int64_t)strlen(prompt) / 4 + 20;
    c->most_out = 16 + (int64_t)(chance >> 40) % 400;
    c->out = c->most_out * (int64_t)(30 + (chance >> 50) % 71) / 100;
    c->start = w->s.w.now;
    c->best = sim_best(w, c);
    req.prompt = prompt;
    req.stream = c->stream;
    req.max_tokens = c->most_out;
    req.timeouts.total_ms = run->total_ms;
    if (c->callback) {
        req.on_event = sim_on_event;
        req.on_event_user = c;
    }
    w->count++;
    w->open++;
    if (w->open > w->most_open) w->most_open = w->open;
    c->id = llmf_start(f, m, &req);
    if (!c->id.id) abort();
}

/* Takes what has come, and frees what has ended. `first`: no earlier call is open. */
static void sim_take(sim_world *w, llmf_factory *f, int *first) {
    int i;
    for (i = *first; i < w->count; i++) {
        sim_call *c = &w->calls[i];
        llmf_event ev;
        if (!c->id.id) {
            if (i == *first) ++*first;
            continue;
        }
        if (!c->callback)
            while (llmf_next(f, c->id, &ev)) sim_see(w, c, &ev);
        if (!c->ended) continue;
        llmf_free(f, c->id);
        c->id.id = 0;
        w->open--;
    }
}

/* When the next thing happens; UINT64_MAX: never. What was started goes out in a poll up to 300 ms later, as with a caller who has other things to do, or a connection
   that must be made first. (llmf_deadline_ms would have the transport looked at every few milliseconds.) */
static uint64_t sim_next(const sim_world *w, const llmf_factory *f) {
    uint64_t next = f->deferred || f->held || f->ready_first ? w->s.w.now : f->next_deadline_ns, lag = w->s.w.now + sim_hash(w, 11, w->s.w.now) % 300 * SIM_MS;
    size_t i;
    for (i = 0; i < w->s.top; i++)
        if (w->s.pending[i].x && w->s.pending[i].due < next) next = w->s.pending[i].due;
    if (((const llmfi_custom *)(const void *)f->custom)->first && lag < next) next = lag;
    return next;
}

/* Each thing that happens, in its order, until all calls have ended. False: they never do. */
static bool sim_go(sim_world *w, llmf_factory *f, llmf_model m, const sim_run *run) {
    uint64_t arrival = w->s.w.now, next;
    int first = 0, still = 0;
    while (w->count < run->calls || w->open) {
        if (w->count < run->calls && w->s.w.now >= arrival) {
            sim_start_one(w, f, m, run);
            do arrival += SIM_MS; while ((double)(sim_hash(w, 5, arrival) % 1000000) >= run->rate * 1000);
        }
        llmf_poll(f, 0);
        sim_take(w, f, &first);
        next = sim_next(w, f);
        if (w->count < run->calls && arrival < next) next = arrival;
        if (next == UINT64_MAX) return !w->open;
        still = next > w->s.w.now ? 0 : still + 1;
        if (still > 10000) return false; /* it spins */
        if (next > w->s.w.now) w->s.w.now = next;
    }
    return true;
}

/* Everything that is still there, though all calls are over. */
static int sim_left(const sim_world *w, const llmf_factory *f) {
    const llmfi_health *h;
    int left = w->s.under_way + (f->calls != NULL) + (f->queue_first != NULL) + (f->queue_last != NULL) + f->active;
    for (h = f->health; h; h = h->next) left += h->running != 0 || h->probe != 0;
    return left;
}

static int sim_by_number(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static void sim_sum(const sim_world *w, sim_result *r) {
    int64_t *latency = (int64_t *)malloc(sizeof *latency * (size_t)(w->count + 1));
    int64_t best = 0;
    int i, n = 0;
    if (!latency) abort();
    for (i = 0; i < w->count; i++) {
        const sim_call *c = &w->calls[i];
        if (c->finals != 1) r->not_once++;
        if (c->asked > r->most_asked) r->most_asked = c->asked;
        if (c->code != LLMF_OK) continue;
        latency[n++] = c->latency_ms;
        best += c->best >= 0 ? c->best : sim_price(0, c->in, c->out); /* nobody at that moment, but somebody later: at the lowest price there is */
    }
    qsort(latency, (size_t)n, sizeof *latency, sim_by_number);
    r->calls = w->count;
    r->answered = w->answered;
    r->asked = w->asked;
    r->above = w->above;
    r->answer = 100.0 * w->answered / (w->count ? w->count : 1);
    r->usd = (double)w->pico / 1e12;
    r->over = best ? (double)w->pico / (double)best : 0;
    r->per_call = (double)w->asked / (w->count ? w->count : 1);
    r->p50 = n ? latency[n / 2] : 0;
    r->p99 = n ? latency[n - 1 - n / 100] : 0;
    free(latency);
    r->after_content = w->after_content;
    r->wrong_text = w->wrong_text;
    r->wrong_cost = w->wrong_cost;
}

static sim_result sim_play(const sim_run *run, const sim_policy *p, const sim_script *faults) {
    static char config[4096];
    sim_world *w = &world;
    sim_result r;
    llmf_memory_info memory;
    llmf_factory *f;
    llmf_error err;
    llmf_model m;
    llmf_desc d = script_desc(&w->s, sim_serve);
    size_t used;
    memset(&r, 0, sizeof r);
    memset((char *)w + sizeof w->s, 0, offsetof(sim_world, bodies) - sizeof w->s);
    w->calls = (sim_call *)calloc((size_t)run->calls + 1, sizeof *w->calls);
    if (!w->calls) abort();
    sim_now = w;
    w->faults = faults;
    w->seed = run->seed;
    w->from = w->s.w.now;
    w->total_ms = run->total_ms;
    sim_config(config, sizeof config, p, faults);
    d.config_text = config;
    d.random = sim_bytes;
    d.retry = p->retry;
    d.max_calls = 2048;
    d.memory_size = (size_t)32 << 20;
    d.log_level = run->log ? LLMF_LOG_DEBUG : LLMF_LOG_WARNING;
    f = llmf_open(&d, &err);
    if (!f) {
        fprintf(stderr, "%s\n", err.text);
        abort();
    }
    (void)llmf_get(f, "b", NULL);
    (void)llmf_get(f, "c", NULL);
    m = llmf_get(f, "a", NULL);
    used = kit_used(f);
    if (!sim_go(w, f, m, run)) r.left += 1000;
    sim_sum(w, &r);
    r.left += sim_left(w, f);
    r.leak = kit_used(f) - used;
    llmf_memory(f, &memory);
    r.high_water = memory.high_water - used;
    llmf_close(f);
    if (run->log) fputs(kit_cstr(&w->s.w.log), stdout);
    kit_drop(&w->s.w.log);
    free(w->calls);
    return r;
}

/* ---- the table ---- */

static void sim_head(void) {
    printf("%-26s %-9s %8s %9s %6s %6s %6s %5s %6s %5s\n", "", "policy", "answered", "USD", "/best", "p50", "p99", "att", "wasted", "above");
}

static void sim_line(const char *scenario, const sim_policy *p, const sim_result *r) {
    printf("%-26s %-9s %7.2f%% %9.5f %6.3f %6d %6d %5.2f %6d %5d\n", scenario, p->name, r->answer, r->usd, r->over, (int)r->p50, (int)r->p99, r->per_call, r->asked - r->answered, r->above);
}

static int passed, failed;

static void sim_must(bool ok, const char *what, const char *scenario, const char *policy, uint64_t seed) {
    if (ok) {
        passed++;
        return;
    }
    failed++;
    printf("FAILED: %s: %s, %s, seed %llu\n", what, scenario, policy, (unsigned long long)seed);
}

/* What must hold whatever happens. */
static void sim_invariants(const sim_result *r, const sim_policy *p, const char *scenario, uint64_t seed) {
    sim_must(r->not_once == 0, "exactly one final event a call", scenario, p->name, seed);
    sim_must(r->leak == 0, "no memory is left behind", scenario, p->name, seed);
    sim_must(r->high_water <= (size_t)world.most_open * 24576 + 65536, "memory is bounded by the calls that are open", scenario, p->name, seed);
    sim_must(r->after_content == 0, "no attempt after content", scenario, p->name, seed);
    sim_must(r->wrong_text == 0, "a text is of one attempt, and whole", scenario, p->name, seed);
    sim_must(r->wrong_cost == 0, "cost and attempts are told as they were", scenario, p->name, seed);
    sim_must(r->left == 0, "nothing waits or runs at the end", scenario, p->name, seed);
    sim_must(r->most_asked <= p->attempts, "attempts are within their budget", scenario, p->name, seed);
    sim_must(!p->limits || r->above == 0, "limits are kept", scenario, p->name, seed);
}

/* ---- the scenarios ---- */

typedef struct sim_scenario {
    const char *name, *script;
    bool down, paid;               /* one of the three is down at any time; and charges for replies that nobody waited for */
} sim_scenario;

#define ROTATE(fault) "a:" fault "@0-60/180,b:" fault "@60-120/180,c:" fault "@120-180/180"

static const sim_scenario scenarios[] = {
    {"healthy", "", false, false},
    {"rotating: dead", ROTATE("dead"), true, false},
    {"rotating: no connection", ROTATE("rst"), true, false},
    {"rotating: 500", ROTATE("500"), true, false},
    {"rotating: 502", ROTATE("502"), true, false},
    {"rotating: 529", ROTATE("529"), true, false},
    {"rotating: 429", ROTATE("429"), true, false},
    {"rotating: 429 +10 s", ROTATE("429=10"), true, false},
    {"rotating: slow", ROTATE("slow"), true, true},
    {"rotating: wrong key", ROTATE("key"), true, false},
    {"rotating: quota", ROTATE("quota"), true, false},
    {"rotating: cut at once", ROTATE("cut0"), true, false},
    {"429 storms", "a:429@30-90/120,b:429@60-100/120", false, false},
    {"429 storms, Retry-After 5", "a:429=5@30-90/120,b:429=5@60-100/120", false, false},
    {"500 bursts of 3 s", "abc:500@0-3/20", false, false},
    {"429 bursts of 3 s", "abc:429@0-3/20", false, false},
    {"quota out, bursts of 20 s", "abc:quota@30-50/120", false, false},
    {"503 for 30 %", "abc:503%30", false, false},
    {"slow for 10 %", "abc:slow%10", false, false},
    {"a dead all the time", "a:dead", false, false},
    {"a: wrong key", "a:key", false, false},
    {"a: quota used up", "a:quota@60-2000000", false, false},
    {"flapping, 5 s", "a:500@0-5/10,b:503@2-4/7", false, false},
    {"cut before content, 20 %", "abc:cut0%20", false, false},
    {"cut in the content, 5 %", "abc:cut%5", false, false},
    {"a and b take 100 rpm", "ab:rpm=100", false, false},
    {"a and b take 20000 tpm", "ab:tpm=20000", false, false},
    {"limits, and a fails", "abc:rpm=140,a:500@60-120/180", false, false},
};

static void sim_read_or_die(const char *text, sim_script *to) {
    const char *why;
    if (sim_read(text, to, &why)) return;
    fprintf(stderr, "sim: not understood: %s\n", why);
    exit(2);
}

static void sim_scenarios(const sim_run *run) {
    double sums[POLICIES] = {0, 0, 0, 0};
    size_t i;
    int k;
    sim_head();
    for (i = 0; i < KIT_COUNT(scenarios); i++) {
        const sim_scenario *s = &scenarios[i];
        sim_result r[POLICIES];
        sim_script faults;
        sim_read_or_die(s->script, &faults);
        for (k = 0; k < POLICIES; k++) {
            r[k] = sim_play(run, &policies[k], &faults);
            sim_line(k ? "" : s->name, &policies[k], &r[k]);
            sim_invariants(&r[k], &policies[k], s->name, run->seed);
            sums[k] += r[k].answer;
        }
        sim_must(r[RETRY].answered >= r[NONE].answered, "retry-only answers no less than none", s->name, "retry", run->seed);
        sim_must(r[FULL].answered >= r[RETRY].answered && r[FULL].answered >= r[NONE].answered, "full answers no less than the others", s->name, "full", run->seed);
        if (!s->down) continue;
        sim_must(r[FULL].answer >= 99.9, "one of three is down: 99.9 % answered", s->name, "full", run->seed);
        if (s->paid) continue; /* how many wait when it gets slow is known only when the first have waited in vain: nobody can do that for a tenth more */
        sim_must(r[FULL].over <= 1.1, "one of three is down: at most 1.1 of the clairvoyant's cost", s->name, "full", run->seed);
    }
    sim_must(sums[RETRY] > sums[NONE] && sums[FULL] > sums[RETRY], "over all, retry-only beats none, and full both", "all", "retry, full", run->seed);
}

/* ---- many seeds ---- */

/* Any script: faults, limits and windows by chance. One draw a statement: compilers differ in what of a call they evaluate first. */
static unsigned sim_draw(uint64_t *state, unsigned below) {
    return (unsigned)(kit_random(state) >> 33) % below;
}

static void sim_any_script(uint64_t seed, char *to, size_t cap) {
    uint64_t state = seed * 7919 + 17;
    unsigned items = 1 + sim_draw(&state, 6);
    size_t n = 0;
    while (items--) {
        unsigned k = sim_draw(&state, SIM_WORDS), who = 1 + sim_draw(&state, 7), from = sim_draw(&state, 40), length = 5 + sim_draw(&state, 30), pause = sim_draw(&state, 40),
                 wait = sim_draw(&state, 30), percent = 10 + sim_draw(&state, 160), most = 20 + sim_draw(&state, 200);
        n += (size_t)snprintf(to + n, cap - n, "%s%s%s%s:%s", n ? "," : "", who & 1 ? "a" : "", who & 2 ? "b" : "", who & 4 ? "c" : "", sim_words[k].name);
        if (sim_words[k].what == LIMIT_RPM || sim_words[k].what == LIMIT_TPM) {
            n += (size_t)snprintf(to + n, cap - n, "=%u", sim_words[k].what == LIMIT_RPM ? most : most * 300);
            continue;
        }
        if (sim_words[k].what == DO_STATUS && wait < 15) n += (size_t)snprintf(to + n, cap - n, "=%u", wait);
        if (percent < 100) n += (size_t)snprintf(to + n, cap - n, "%%%u", percent);
        n += (size_t)snprintf(to + n, cap - n, "@%u-%u/%u", from, from + length, from + length + pause);
    }
}

static void sim_sweep(int seeds) {
    int i;
    for (i = 1; i <= seeds; i++) {
        char text[1024];
        sim_run run = {(uint64_t)i, 200, i % 3 ? 5 : 50, 60000, false};
        sim_policy more[] = {
            {"queue", {.max_retries = 2, .max_concurrent = 1 + i % 5}, false, true, 3},
            {"full, few at once", {.max_retries = 1, .max_concurrent = 1 + i % 7}, true, true, 6},
            {"hedged", {.max_retries = 1, .hedge_ms = 500 + i % 4 * 500}, true, true, 12} /* each attempt may have a second one beside it */
        };
        sim_script faults;
        int k;
        sim_any_script((uint64_t)i, text, sizeof text);
        sim_read_or_die(text, &faults);
        for (k = 0; k < POLICIES + (int)KIT_COUNT(more); k++) {
            const sim_policy *p = k < POLICIES ? &policies[k] : &more[k - POLICIES];
            sim_result r = sim_play(&run, p, &faults);
            sim_invariants(&r, p, text, run.seed);
        }
    }
}

int main(int argc, char **argv) {
    sim_run run = {1, 2000, 5, 60000, false};
    const char *script_text = NULL, *policy = NULL;
    double from = kit_seconds();
    int i, k;
    for (i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--log") == 0) run.log = true;
        else if (strcmp(argv[i], "--seed") == 0) run.seed = strtoull(value, NULL, 10), i++;
        else if (strcmp(argv[i], "--calls") == 0) run.calls = atoi(value), i++;
        else if (strcmp(argv[i], "--rate") == 0) run.rate = atof(value), i++;
        else if (strcmp(argv[i], "--script") == 0) script_text = value, i++;
        else if (strcmp(argv[i], "--policy") == 0) policy = value, i++;
        else return sim_help(strcmp(argv[i], "--help") == 0 ? stdout : stderr), strcmp(argv[i], "--help") == 0 ? 0 : 2;
    }
    if (argc > 1) {
        sim_script faults;
        sim_read_or_die(script_text ? script_text : "", &faults);
        sim_head();
        for (k = 0; k < POLICIES; k++) {
            sim_result r;
            if (policy && strcmp(policy, policies[k].name) != 0) continue;
            r = sim_play(&run, &policies[k], &faults);
            sim_line(script_text ? script_text : "", &policies[k], &r);
            sim_invariants(&r, &policies[k], script_text ? script_text : "", run.seed);
        }
        return failed != 0;
    }
    sim_scenarios(&run);
    sim_sweep(50);
    printf("%.1f s\n%d passed, %d failed, 0 skipped\n", kit_seconds() - from, passed, failed);
    return failed != 0;
}
