/* Budgets: before a request goes out, the most that it may cost is reserved; when it has ended, what it has cost is spent. All money is whole pico-dollars.
   A request under way is an attempt of a call: it reserves, and settles before the next one reserves. */
#ifndef LLMFI_ENGINE_BUDGET_H
#define LLMFI_ENGINE_BUDGET_H
#include "estimate.h"
#include "tokens.h"

/* Models and routes whose budgets are counted. */
#ifndef LLMF_MAX_BUDGETS
#define LLMF_MAX_BUDGETS 256
#endif

#if LLMF_HAS_BUDGETS

/* What an attempt holds, and what its call has come to. */
typedef struct llmfi_held {
    bool on;                                 /* an attempt is under way */
    int64_t most;                            /* pico-dollars that it holds of each budget */
    int64_t input, output;                   /* its tokens, as they were estimated */
    llmfi_budget *model, *route;             /* besides those of the process and the day; NULL */
    int64_t spent, reserved;                 /* of the call as a whole, requests that it was split into included */
} llmfi_held;

/* A limit that a request must keep. */
typedef struct llmfi_bound {
    int scope;                               /* LLMF_BUDGET_…; LLMFI_BUDGET_CALL */
    int64_t limit, spent, reserved;          /* limit: LLMF_UNKNOWN: none */
    const char *key;                         /* what sets it */
    llmf_str name;
} llmfi_bound;

enum { LLMFI_BUDGET_CALL = LLMF_BUDGET_ROUTE + 1, LLMFI_BOUNDS };

/* ---- limits ---- */

/* The description's, or the config's. */
static void llmfi_bound_set(llmfi_bound *b, int64_t desc, const char *desc_key, int64_t config, const char *config_key) {
    b->limit = desc == 0 ? config : desc < 0 ? 0 : desc;
    b->key = desc == 0 ? config_key : desc_key;
}

LLMFI_UNUSED static int64_t llmfi_lower_limit(int64_t a, int64_t b) {
    return a < 0 ? b : b < 0 || a < b ? a : b;
}

/* One model, whatever it is called by. */
LLMFI_UNUSED static bool llmfi_same_model(const llmfi_record *a, const llmfi_record *b) {
    if (a->from_config != b->from_config) return false;
    return a->from_config ? llmfi_eq(a->s.name, b->s.name) : llmfi_eq(a->provider->name, b->provider->name) && llmfi_eq(a->s.model_id, b->s.model_id);
}

/* The limit on a model: its own, or that of the section budgets, the lower one. */
static int64_t llmfi_budget_of_model(const llmfi_config *config, const llmfi_record *record) {
    int64_t limit = record->budget_pico;
#if LLMF_HAS_CONFIG
    const llmfi_node *n = config->budgets.models ? config->budgets.models->child : NULL;
    for (; n; n = n->next) {
        llmfi_record named;
        llmf_error err;
        int64_t usd = LLMF_UNKNOWN;
        if (n->type == LLMFI_NUMBER && llmfi_resolve_name(config, n->key, &named, &err) && llmfi_same_model(&named, record) && llmfi_parse_fixed(n->text, 12, &usd))
            limit = llmfi_lower_limit(limit, usd);
    }
#else
    (void)config;
#endif
    return limit;
}

static int64_t llmfi_budget_of_route(const llmfi_config *config, llmf_str name) {
    int64_t limit = LLMF_UNKNOWN;
#if LLMF_HAS_CONFIG && LLMF_HAS_ROUTES
    const llmfi_route *route = llmfi_config_route(config, name);
    const llmfi_node *n = llmfi_member(config->budgets.routes, name);
    if (route) limit = route->budget_pico;
    if (n && n->type == LLMFI_NUMBER) {
        int64_t usd = LLMF_UNKNOWN;
        if (llmfi_parse_fixed(n->text, 12, &usd)) limit = llmfi_lower_limit(limit, usd);
    }
#else
    (void)config, (void)name;
#endif
    return limit;
}

/* ---- what is counted ---- */

/* The budget of a model or route; `provider` may be empty, else the name is provider:name. NULL: none is counted. */
static llmfi_budget *llmfi_budget_find(const llmf_factory *f, int scope, llmf_str provider, llmf_str name) {
    llmfi_budget *b;
    size_t front = provider.len ? provider.len + 1 : 0;
    for (b = f->budgets; b; b = b->next)
        if (b->scope == scope && b->name.len == front + name.len && llmfi_starts(b->name, provider) && llmfi_eq(llmfi_from(b->name, front), name)) return b;
    return NULL;
}

/* The same, made now if there is none. NULL: no room. */
static llmfi_budget *llmfi_budget_get(llmf_factory *f, int scope, llmf_str provider, llmf_str name) {
    llmfi_budget *b = llmfi_budget_find(f, scope, provider, name);
    size_t front = provider.len ? provider.len + 1 : 0;
    char *text;
    if (b || f->budget_count >= LLMF_MAX_BUDGETS) return b;
    b = (llmfi_budget *)llmfi_heap_alloc(&f->heap, sizeof *b + front + name.len + 1);
    if (!b) return NULL;
    memset(b, 0, sizeof *b);
    text = (char *)(b + 1);
    if (front) memcpy(text, provider.ptr, provider.len);
    if (front) text[provider.len] = ':';
    memcpy(text + front, name.ptr, name.len);
    text[front + name.len] = '\0';
    b->name = llmfi_str(text, front + name.len);
    b->scope = scope;
    b->limit = LLMF_UNKNOWN;
    b->next = f->budgets;
    f->budgets = b;
    f->budget_count++;
    return b;
}

static llmf_str llmfi_budget_provider(const llmfi_record *r) {
    return r->from_config ? llmfi_str("", 0) : r->provider->name;
}

static llmf_str llmfi_budget_name(const llmfi_record *r) {
    return r->from_config ? r->s.name : r->s.model_id;
}

/* A limit that is new tells its shares anew. */
static void llmfi_budget_limit(llmfi_budget *b, int64_t limit) {
    if (b->limit == limit) return;
    b->limit = limit;
    b->told_ppm = 0;
}

/* The limits of process and day as they are now; a new day begins with nothing spent. A clock that is set back does not bring a day again. */
static void llmfi_budget_today(llmf_factory *f, llmfi_bound *process, llmfi_bound *day) {
    int64_t today = llmfi_wall(f) / 86400000;
    if (today > f->today) {
        f->today = today;
        f->budget_day.spent = 0;
        f->budget_day.unknown = 0;
        f->budget_day.told_ppm = 0;
    }
    llmfi_bound_set(process, f->desc.budget_process_pico, "llmf_desc.budget_process_pico", f->config->budgets.process, "budgets.process_usd");
    llmfi_bound_set(day, f->desc.budget_day_pico, "llmf_desc.budget_day_pico", f->config->budgets.day, "budgets.day_usd");
    f->budget.scope = process->scope = LLMF_BUDGET_PROCESS;
    f->budget_day.scope = day->scope = LLMF_BUDGET_DAY;
    process->name = day->name = f->budget.name = f->budget_day.name = llmfi_str("", 0);
    llmfi_budget_limit(&f->budget, process->limit);
    llmfi_budget_limit(&f->budget_day, day->limit);
    process->spent = f->budget.spent;
    process->reserved = f->budget.reserved;
    day->spent = f->budget_day.spent;
    day->reserved = f->budget_day.reserved;
}

static void llmfi_bound_take(llmfi_bound *b, int scope, int64_t limit, const char *key, llmf_str name, const llmfi_budget *at) {
    b->scope = scope;
    b->limit = limit;
    b->key = key;
    b->name = name;
    b->spent = at ? at->spent : 0;
    b->reserved = at ? at->reserved : 0;
}

/* All limits on the requests of a model, that a route may have chosen, by scope; that of the call is not among them. */
static void llmfi_bounds(llmf_factory *f, llmfi_prepared *p, llmf_str route, llmfi_bound bounds[LLMFI_BOUNDS]) {
    const llmfi_record *r = &p->record;
    if (!p->budget_known) p->budget_pico = llmfi_budget_of_model(p->config, r);
    p->budget_known = true;
    if (p->budget_pico >= 0 && !p->budget) p->budget = llmfi_budget_find(f, LLMF_BUDGET_MODEL, llmfi_budget_provider(r), llmfi_budget_name(r));
    llmfi_budget_today(f, &bounds[LLMF_BUDGET_PROCESS], &bounds[LLMF_BUDGET_DAY]);
    llmfi_bound_take(&bounds[LLMF_BUDGET_MODEL], LLMF_BUDGET_MODEL, p->budget_pico, "budget_usd or budgets.models", r->s.name, p->budget);
    llmfi_bound_take(&bounds[LLMF_BUDGET_ROUTE], LLMF_BUDGET_ROUTE, route.len ? llmfi_budget_of_route(p->config, route) : LLMF_UNKNOWN, "budget_usd or budgets.routes", route,
                     route.len ? llmfi_budget_find(f, LLMF_BUDGET_ROUTE, llmfi_str("", 0), route) : NULL);
}

/* Whether that much more stays within it. What costs nothing always does, what cannot be counted never. */
static bool llmfi_bound_fits(const llmfi_bound *b, int64_t most) {
    if (b->limit < 0 || most == 0) return true;
    return most < INT64_MAX && b->spent <= b->limit && b->reserved <= b->limit - b->spent && most <= b->limit - b->spent - b->reserved;
}

/* ---- sentences ---- */

/* 12340000000000 as $12.34: all digits that are not 0. */
static void llmfi_say_usd(llmfi_text *t, int64_t pico) {
    char digits[LLMFI_INT_TEXT];
    int64_t rest = pico % INT64_C(1000000000000);
    size_t n;
    llmfi_say_c(t, "$");
    llmfi_say_int(t, pico / INT64_C(1000000000000));
    if (!rest) return;
    n = llmfi_print_int(digits, INT64_C(1000000000000) + rest); /* a 1, and twelve digits */
    while (digits[n - 1] == '0') n--;
    digits[0] = '.';
    llmfi_say(t, llmfi_str(digits, n));
}

/* "the budget of the model fast (budget_usd or budgets.models)". */
static LLMFI_COLD void llmfi_say_bound(llmfi_text *t, const llmfi_bound *b) {
    static const char *const whose[] = {"process", "day", "model ", "route ", "call"};
    LLMFI_SAY(t, "the budget of the ");
    llmfi_say_c(t, whose[b->scope]);
    llmfi_say(t, b->name);
    LLMFI_SAY(t, " (");
    llmfi_say_c(t, b->key);
    LLMFI_SAY(t, ")");
}

static LLMFI_COLD bool llmfi_budget_no_price(llmfi_call *c, const llmfi_bound *b) {
    llmfi_text t = llmfi_error_begin(&c->reply.error, LLMF_ERR_BUDGET);
    llmfi_say_bound(&t, b);
    LLMFI_SAY(&t, " needs the price of ");
    llmfi_say(&t, c->prepared->record.provider->name);
    llmfi_say_c(&t, ":");
    llmfi_say(&t, c->ask.model->model_id);
    LLMFI_SAY(&t, ", which is not known: set ");
    llmfi_say_c(&t, "input_token_cost_usd_per_million");
    LLMFI_SAY(&t, " and ");
    llmfi_say_c(&t, "output_token_cost_usd_per_million");
    LLMFI_SAY(&t, " in its entry under models; 0 where it costs nothing");
    return false;
}

static LLMFI_COLD bool llmfi_budget_refuse(llmfi_call *c, const llmfi_bound *b, const llmfi_held *h) {
    llmfi_text t = llmfi_error_begin(&c->reply.error, LLMF_ERR_BUDGET);
    llmfi_say_bound(&t, b);
    LLMFI_SAY(&t, " is ");
    llmfi_say_usd(&t, b->limit);
    LLMFI_SAY(&t, "; spent are ");
    llmfi_say_usd(&t, b->spent);
    LLMFI_SAY(&t, ", held by requests under way ");
    llmfi_say_usd(&t, b->reserved);
    LLMFI_SAY(&t, ", and this one to ");
    llmfi_say(&t, c->prepared->record.s.name);
    LLMFI_SAY(&t, " might cost ");
    if (h->most == INT64_MAX) LLMFI_SAY(&t, "more than can be counted");
    else llmfi_say_usd(&t, h->most);
    LLMFI_SAY(&t, " (");
    llmfi_say_int(&t, h->input);
    LLMFI_SAY(&t, " tokens of input, ");
    llmfi_say_int(&t, h->output);
    LLMFI_SAY(&t, " of output, at most). Raise it, set a lower max_tokens, or take a cheaper model");
    return false;
}

/* ---- reserving ---- */

/* The call whose limit and sum this one's are. */
static llmfi_call *llmfi_budget_owner(llmfi_call *c) {
#if LLMF_HAS_EMBED
    if (c->reply.job && c->reply.job->parent) return (llmfi_call *)c->reply.job->parent;
#endif
    return c;
}

static llmfi_held *llmfi_held_of(llmfi_call *c) {
    if (!c->held) c->held = (llmfi_held *)llmfi_arena_alloc(&c->arena, sizeof *c->held);
    if (!c->held) llmfi_error_memory(&c->reply.error);
    return c->held;
}

/* Tokens of the request as it will be sent, and the most that they cost. */
static void llmfi_budget_estimate(const llmfi_call *c, llmfi_held *h) {
    const llmfi_settings *s = &c->prepared->record.s;
    uint64_t bytes = 0;
    int64_t window = c->req.op == LLMF_OP_EMBED ? LLMF_UNKNOWN : s->context_window; /* of one text, not of all in a request */
    llmfi_price price;
    h->input = c->req.op == LLMF_OP_CHAT ? llmfi_media_tokens(&c->req, &bytes) : 0;
    h->input = llmfi_sum_most(h->input, llmfi_tokens_of(c->x.req.body_len > bytes ? c->x.req.body_len - bytes : 0));
#if LLMF_HAS_TOKENS
    if (llmfi_call_tokens(c) >= 0) h->input = llmfi_call_tokens(c);
#endif
    h->output = c->req.op == LLMF_OP_EMBED ? 0 : llmfi_output_most(s, c->req.max_tokens);
    if (window > 0 && h->input > window) h->input = window;
    if (window > 0 && h->output > window) h->output = window;
    price = llmfi_call_price(c, h->input);
    h->most = llmfi_tokens_cost(&price, h->input, h->output, c->req.cache);
}

static void llmfi_bound_call(const llmfi_call *owner, llmfi_bound *b) {
    const llmf_desc *d = &owner->f->desc;
    bool own = owner->req.budget_pico != 0;
    llmfi_bound_set(b, own ? owner->req.budget_pico : d->budget_call_pico, own ? "llmf_request.budget_pico" : "llmf_desc.budget_call_pico", owner->prepared->config->budgets.call,
                    "budgets.call_usd");
    b->scope = LLMFI_BUDGET_CALL;
    b->name = llmfi_str("", 0);
    b->spent = owner->held->spent;
    b->reserved = owner->held->reserved;
}

/* Where a limit holds on a model or route, it must be counted. */
static bool llmfi_budget_count(llmfi_call *c, const llmfi_bound bounds[LLMFI_BOUNDS], llmfi_held *h) {
    llmfi_prepared *p = c->prepared;
    const llmfi_bound *route = &bounds[LLMF_BUDGET_ROUTE];
    h->model = h->route = NULL;
    if (p->budget_pico >= 0 && !p->budget) p->budget = llmfi_budget_get(c->f, LLMF_BUDGET_MODEL, llmfi_budget_provider(&p->record), llmfi_budget_name(&p->record));
    if (p->budget_pico >= 0) h->model = p->budget;
    if (route->limit >= 0) h->route = llmfi_budget_get(c->f, LLMF_BUDGET_ROUTE, llmfi_str("", 0), route->name);
    if ((p->budget_pico >= 0 && !h->model) || (route->limit >= 0 && !h->route))
        return c->f->budget_count < LLMF_MAX_BUDGETS ? llmfi_error_memory(&c->reply.error)
                                                     : llmfi_error_set(&c->reply.error, LLMF_ERR_LIMIT, "more budgets of models and routes than LLMF_MAX_BUDGETS");
    if (h->model) llmfi_budget_limit(h->model, p->budget_pico);
    if (h->route) llmfi_budget_limit(h->route, route->limit);
    return true;
}

/* Every budget that an attempt holds something of; NULL in its place where there is none. */
static void llmfi_budget_each(llmfi_call *c, const llmfi_held *h, llmfi_budget *at[4]) {
    at[0] = &c->f->budget;
    at[1] = &c->f->budget_day;
    at[2] = h->model;
    at[3] = h->route;
}

/* Without limits sums may be larger than can be counted: then nothing is held. */
static void llmfi_budget_hold(llmfi_call *c, llmfi_held *h, llmfi_held *owner) {
    llmfi_budget *at[4];
    size_t i;
    llmfi_budget_each(c, h, at);
    if (h->most < 0 || h->most > INT64_MAX - owner->reserved) h->most = 0;
    for (i = 0; i < 4; i++)
        if (at[i] && h->most > INT64_MAX - at[i]->reserved) h->most = 0;
    for (i = 0; i < 4; i++)
        if (at[i]) at[i]->reserved += h->most;
    owner->reserved += h->most;
    h->on = true;
}

/* Before an attempt is sent, its request built. False with the error in the reply: it must not be. */
static bool llmfi_budget_reserve(llmfi_call *c) {
    llmfi_call *owner = llmfi_budget_owner(c);
    llmfi_bound bounds[LLMFI_BOUNDS];
    llmfi_held *h = llmfi_held_of(c);
    int i;
    if (c->req.budget_pico < -1) return llmfi_error_set(&c->reply.error, LLMF_ERR_ARGUMENT, "llmf_request.budget_pico: must not be negative (0: the factory's; LLMF_ZERO: nothing)");
    if (!h || c->req.op == LLMF_OP_COUNT_TOKENS || c->req.op == LLMF_OP_LIST_MODELS) return h != NULL;
    if (!llmfi_held_of(owner)) return llmfi_error_memory(&c->reply.error);
#if LLMF_HAS_ROUTES
    llmfi_bounds(c->f, c->prepared, owner->route ? owner->route->name : llmfi_str("", 0), bounds);
#else
    llmfi_bounds(c->f, c->prepared, llmfi_str("", 0), bounds);
#endif
    llmfi_bound_call(owner, &bounds[LLMFI_BUDGET_CALL]);
#if !LLMF_HAS_STDLIB
    if (bounds[LLMF_BUDGET_DAY].limit >= 0 && !c->f->desc.wall_ms)
        return llmfi_error_about(&c->reply.error, LLMF_ERR_ARGUMENT, "", LLMFI_LIT("llmf_desc.wall_ms"), " is not set, and this build has no clock of its own (LLMF_NO_STDLIB): a budget of a day needs one");
#endif
    llmfi_budget_estimate(c, h);
    for (i = LLMFI_BUDGET_CALL; i >= 0; i--) { /* the narrowest is named */
        if (bounds[i].limit < 0) continue;
        if (h->most < 0) return llmfi_budget_no_price(c, &bounds[i]);
        if (!llmfi_bound_fits(&bounds[i], h->most)) return llmfi_budget_refuse(c, &bounds[i], h);
    }
    if (!llmfi_budget_count(c, bounds, h)) return false;
    llmfi_budget_hold(c, h, owner->held);
    return true;
}

/* ---- settling ---- */

/* Bytes of text, reasoning and arguments that have come; all bytes where they were not kept. */
static uint64_t llmfi_budget_bytes(const llmfi_call *c) {
    const llmfi_reply *r = &c->reply;
    uint64_t bytes = (uint64_t)r->text.len + r->reasoning.len + r->refusal.len;
    int i;
    if (r->discard) return c->received;
    for (i = 0; i < llmfi_reply_tool_count(r); i++) bytes += llmfi_reply_tool(r, i)->args.len;
    return bytes;
}

/* What an attempt has cost whose provider has not said how much it used. */
static int64_t llmfi_budget_guess(const llmfi_call *c) {
    const llmf_usage *u = &c->reply.usage;
    int64_t input = u->input, output = u->output, cost;
    llmfi_price price;
    if (c->reply.error.code != LLMF_OK && !c->reply.content) return 0;
    if (!c->ended && !c->reply.content) return 0; /* given back while it was under way */
    if (input < 0) input = c->held->input;
    if (output < 0 && c->held->output) output = llmfi_tokens_of(llmfi_budget_bytes(c));
    if (u->output < 0 && output > c->held->output) output = c->held->output;
    price = llmfi_call_price(c, input);
    cost = llmfi_tokens_cost(&price, input, output < 0 ? 0 : output, c->req.cache);
    return cost;
}

static void llmfi_budget_spend(llmfi_budget *b, int64_t held, int64_t cost) {
    b->reserved -= held;
    if (cost < 0) b->unknown++;
    else b->spent = llmfi_sum_most(b->spent, cost);
}

/* An attempt has ended, whatever way: pico-dollars, or LLMF_UNKNOWN. Nothing where it had not reserved, or was settled before. */
static void llmfi_budget_settle(llmfi_call *c, int64_t cost) {
    llmfi_held *h = c->held, *owner;
    llmfi_budget *at[4];
    llmfi_bound process, day;
    size_t i;
    if (!h || !h->on) return;
    h->on = false;
    if (cost < 0) cost = llmfi_budget_guess(c);
    llmfi_budget_today(c->f, &process, &day);
    llmfi_budget_each(c, h, at);
    for (i = 0; i < 4; i++)
        if (at[i]) llmfi_budget_spend(at[i], h->most, cost);
    owner = llmfi_budget_owner(c)->held;
    owner->reserved -= h->most;
    if (cost > 0) owner->spent = llmfi_sum_most(owner->spent, cost);
    c->f->budget_moved = true;
}

/* ---- alerts ---- */

/* Pico-dollars at which that share of a limit is spent. */
static int64_t llmfi_budget_share(int64_t limit, int64_t ppm) {
    return limit / 1000000 * ppm + (limit % 1000000 * ppm + 999999) / 1000000;
}

/* The smallest share of the config's above `ppm`; 0: there is none. */
static int llmfi_budget_next_share(const llmf_factory *f, int ppm) {
    const llmfi_config_budgets *b = &f->config->budgets;
    int i, least = 0;
    for (i = 0; i < b->alert_count; i++)
        if (b->alerts_ppm[i] > ppm && (!least || b->alerts_ppm[i] < least)) least = b->alerts_ppm[i];
    return least;
}

static void llmfi_budget_fill(const llmfi_budget *b, int64_t limit, llmf_budget_info *info) {
    info->limit_pico = limit;
    info->spent_pico = b ? b->spent : 0;
    info->reserved_pico = b ? b->reserved : 0;
    info->unknown = b ? b->unknown : 0;
}

static void llmfi_budget_tell_one(llmf_factory *f, llmfi_budget *b) {
    llmf_budget_alert a;
    int share;
    while (!f->closing && b->limit >= 0 && b->spent > 0 && (share = llmfi_budget_next_share(f, b->told_ppm)) > 0 && b->spent >= llmfi_budget_share(b->limit, share)) {
        memset(&a, 0, sizeof a);
        b->told_ppm = share;
        a.scope = b->scope;
        a.name = b->name;
        a.share_ppm = share;
        llmfi_budget_fill(b, b->limit, &a.budget);
        f->desc.budget_alert(f->desc.user, &a);
    }
}

/* Inside of llmf_poll. The hook may start and end calls. */
static void llmfi_budget_tell(llmf_factory *f) {
    llmfi_budget *b;
    if (!f->budget_moved || !f->desc.budget_alert) return;
    f->budget_moved = false;
    llmfi_budget_tell_one(f, &f->budget);
    llmfi_budget_tell_one(f, &f->budget_day);
    for (b = f->budgets; b; b = b->next) llmfi_budget_tell_one(f, b);
}

static void llmfi_budget_close(llmf_factory *f) {
    while (f->budgets) {
        llmfi_budget *next = f->budgets->next;
        llmfi_heap_free(&f->heap, f->budgets);
        f->budgets = next;
    }
}

/* ---- the public side ---- */

/* What cannot be meant. */
static bool llmfi_budget_desc_ok(const llmf_desc *d, llmf_error *err) {
    const char *name = d->budget_call_pico < -1 ? "call" : d->budget_process_pico < -1 ? "process" : d->budget_day_pico < -1 ? "day" : NULL;
    return !name || llmfi_error_about(err, LLMF_ERR_ARGUMENT, "llmf_desc.budget_", llmfi_cstr(name), "_pico: must not be negative (0: the config's; LLMF_ZERO: nothing)");
}

static bool llmfi_budget_read(llmf_factory *f, int scope, llmf_str name, llmf_budget_info *info) {
    llmfi_bound process, day;
    llmfi_record r;
    llmf_error *err = &f->last_error;
    llmfi_budget_today(f, &process, &day);
    switch (scope) {
    case LLMF_BUDGET_PROCESS: llmfi_budget_fill(&f->budget, process.limit, info); return true;
    case LLMF_BUDGET_DAY: llmfi_budget_fill(&f->budget_day, day.limit, info); return true;
    case LLMF_BUDGET_MODEL:
        if (!(name.len ? llmfi_resolve_name(f->config, name, &r, err) : llmfi_resolve_empty(f->config, &r, err))) return false;
        llmfi_budget_fill(llmfi_budget_find(f, scope, llmfi_budget_provider(&r), llmfi_budget_name(&r)), llmfi_budget_of_model(f->config, &r), info);
        return true;
#if LLMF_HAS_ROUTES
    case LLMF_BUDGET_ROUTE:
        if (!llmfi_config_route(f->config, name)) return llmfi_error_about(err, LLMF_ERR_ARGUMENT, "llmf_budget: there is no route ", name, "; the config's section routes has them");
        llmfi_budget_fill(llmfi_budget_find(f, scope, llmfi_str("", 0), name), llmfi_budget_of_route(f->config, name), info);
        return true;
#endif
    default: return llmfi_error_set(err, LLMF_ERR_ARGUMENT, "llmf_budget: scope is no LLMF_BUDGET_ value");
    }
}

LLMF_API llmf_result llmf_budget_abi(llmf_factory *f, int scope, const char *name, llmf_budget_info *info, size_t info_size) {
    llmf_budget_info i;
    if (!f) return LLMF_ERR_ARGUMENT;
    memset(&i, 0, sizeof i);
    if (!llmfi_budget_read(f, scope, llmfi_cstr(name), &i)) return (llmf_result)f->last_error.code;
    if (info) memcpy(info, &i, info_size < sizeof i ? info_size : sizeof i);
    return LLMF_OK;
}

#else

LLMFI_UNUSED static bool llmfi_budget_reserve(llmfi_call *c) {
    return !c->req.budget_pico || llmfi_error_left_out(&c->reply.error, "llmf_request", "BUDGETS");
}

LLMFI_UNUSED static void llmfi_budget_settle(llmfi_call *c, int64_t cost) {
    (void)c, (void)cost;
}

LLMFI_UNUSED static void llmfi_budget_tell(llmf_factory *f) {
    (void)f;
}

LLMF_API llmf_result llmf_budget_abi(llmf_factory *f, int scope, const char *name, llmf_budget_info *info, size_t info_size) {
    (void)scope, (void)name, (void)info, (void)info_size;
    if (f) llmfi_error_left_out(&f->last_error, "llmf_budget", "BUDGETS");
    return LLMF_ERR_NOT_BUILT;
}

#endif
#endif
