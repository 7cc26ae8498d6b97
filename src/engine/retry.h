/* What happens when an attempt fails: the same again after a while, the next model of a chain, or the end. The call stays the same one: its request was copied once
   (llmfi_keep), what an attempt made is thrown away, and so its memory does not grow with its attempts. Nothing is begun anew here while a transport or a callback is
   under way: a call that goes on has its time (due_ns), and llmf_poll begins it. Limits and cool-downs keep calls from being sent: llmfi_admit. */
#ifndef LLMFI_ENGINE_RETRY_H
#define LLMFI_ENGINE_RETRY_H
#include "batches.h"
#include "core.h"
#include "health.h"
#include "operation.h"
#include "request.h"
#include "send.h"
#include "spans.h"

static void llmfi_give_back_decoder(llmfi_call *c);
static void llmfi_wipe_secrets(llmfi_call *c);
#if LLMF_HAS_FILTERS
static void llmfi_filters_free(llmfi_call *c);
#endif
#if LLMF_HAS_RETRY
static void llmfi_attempt_over(llmfi_call *c);
#endif
#if LLMF_HAS_BUDGETS
static struct llmfi_held *llmfi_held_of(llmfi_call *c);
#endif
static void llmfi_budget_settle(llmfi_call *c, int64_t cost);

#if LLMF_HAS_RETRY || LLMFI_HAS_STEPS
/* Everything that was made since the mark goes: the call is as one that has not been built yet. */
static void llmfi_call_clear(llmfi_call *c, const llmfi_arena_mark *mark) {
    llmf_factory *f = c->f;
    llmfi_give_back_decoder(c);
    llmfi_buf_free(&c->raw);
    llmfi_reply_free(&c->reply);
#if LLMFI_HAS_OPS
    llmfi_op_release(c);
#endif
    llmfi_wipe_secrets(c);
#if LLMF_HAS_FILTERS
    llmfi_filters_free(c);
    c->filtered = false; /* what they had changed is gone too */
#endif
    llmfi_arena_rewind(&c->arena, mark);
    memset(&c->ask, 0, sizeof c->ask);
    memset(&c->body, 0, sizeof c->body);
    memset(&c->x, 0, sizeof c->x);
    c->secret = llmfi_str("", 0);
    c->errortype = NULL;
    c->held_back = c->sniffed = c->last_seen = c->secrets = false;
    c->connected_ns = c->first_byte_ns = c->content_ns = c->terminal_ns = c->first_content_ns = c->end_ns = 0;
    c->received = 0;
    c->retry_after_ms = LLMF_UNKNOWN;
#if LLMF_HAS_RETRY
    c->should_retry = 0;
    c->key = NULL;
    c->kept_away = false;
    c->kept_until_ns = 0;
#endif
#if LLMFI_HAS_WAITS
    c->waits = LLMFI_WAITS_NOT;
#endif
#if LLMF_HAS_SECRETS
    c->secret_id = 0;
#endif
#if LLMF_HAS_AWS
    c->signs = false;
    c->aws = NULL;
#endif
    if (f->body_of == c->id) f->body_of = 0;
    llmfi_reply_init(&c->reply, &f->heap, &c->arena, LLMFI_LIT(""), NULL);
    llmfi_buf_init(&c->whole, &f->heap, 0);
    llmfi_buf_init(&c->raw, &f->heap, 0);
}
#endif

#if LLMF_HAS_RETRY

/* How a call ended with one model of its chain, for those that end in ALL_FAILED. */
typedef struct llmfi_outcome {
    int code;                                /* llmf_result; LLMF_OK: it was not asked */
    uint64_t until_ns;                       /* it was passed over, and may be asked then; 0 */
    char why[104];
} llmfi_outcome;

/* Of a call that has failed, or waits, once. */
struct llmfi_tries {
    llmf_attempt attempts[LLMF_MAX_ATTEMPTS];
    size_t kept;                             /* of them */
    int64_t total;                           /* attempts there were */
    int64_t wait_ms;                         /* before the one that runs */
    uint64_t ended_ns;                       /* of the one before */
    int64_t repeats;                         /* of the model that is asked now */
    int64_t asked[1 + LLMF_MAX_FALLBACKS];   /* attempts of each */
    size_t at;                               /* 0: the model that was asked for; else one of its chain, from 1 */
    bool last;                               /* all have failed, and one that was passed over has its turn */
    bool queued;                             /* in f->queue_first, for room */
    bool noted;                              /* the attempt under way is among them */
    uint64_t due_ns;                         /* when it goes on; 0: an attempt is under way */
    struct llmfi_call *queue_next;
    struct llmfi_call *hedge;                /* asked besides; NULL */
    size_t hedge_at;                         /* its model: as `at` */
    llmfi_prepared *models[1 + LLMF_MAX_FALLBACKS]; /* those that were asked: attempts have their names */
    llmfi_outcome ends[1 + LLMF_MAX_FALLBACKS];
};

/* ---- the settings that hold ---- */

enum { LLMFI_RETRY_SETTINGS = sizeof(llmf_retry) / sizeof(int64_t) };

/* The first that is set counts: the model's, the factory's, ours. */
static void llmfi_retry_rules_of(const llmfi_call *c, const llmfi_prepared *p, llmf_retry *to) {
    static const llmf_retry ours = {2, 500, -1, 8000, 100, 10000, LLMFI_CAUSES_ANY, 60000, 5, 30000, -1, -1, -1};
    int64_t own[LLMFI_RETRY_SETTINGS], wider[LLMFI_RETRY_SETTINGS], last[LLMFI_RETRY_SETTINGS];
    size_t i;
    memcpy(own, &p->record.retry, sizeof own);
    memcpy(wider, &c->f->desc.retry, sizeof wider);
    memcpy(last, &ours, sizeof last);
    for (i = 0; i < LLMFI_RETRY_SETTINGS; i++) {
        if (!own[i]) own[i] = wider[i];
        if (!own[i] && !(i == 0 && (c->f->replay || llmfi_starts(p->record.s.base_url, LLMFI_LIT("mock:"))))) own[i] = last[i]; /* they would answer the same */
    }
    memcpy(to, own, sizeof own);
    if (c->req.max_retries) to->max_retries = c->req.max_retries;
}

static void llmfi_retry_rules(const llmfi_call *c, llmf_retry *to) {
    llmfi_retry_rules_of(c, c->prepared, to);
}

/* Somebody has asked for a breaker. */
static bool llmfi_breaker_wanted(const llmfi_call *c, const llmfi_prepared *p) {
    return p->record.retry.breaker_failures > 0 || c->f->desc.retry.breaker_failures > 0;
}

/* ---- a request that can be sent again ---- */

/* Before the caller's request is taken: what it says for itself stays apart from what the first model's config adds. */
static bool llmfi_keep_begin(llmfi_call *c) {
    struct llmfi_origin *o;
    if (c->origin) return true;
    o = (struct llmfi_origin *)llmfi_call_array(c, 1, sizeof *o);
    if (!o) return false;
    o->req = c->req;
    c->origin = o;
    return true;
}

/* The request is taken, and its texts are ours now: from here on the arena holds what belongs to one attempt. */
static bool llmfi_keep(llmfi_call *c) {
    struct llmfi_origin *o = c->origin;
    llmf_request *r = &o->req;
    llmf_model *chain;
    if (llmfi_taken_before(c)) return true;
    if (r->fallbacks && r->fallback_count) {
        chain = (llmf_model *)llmfi_call_array(c, r->fallback_count, sizeof *chain);
        if (!chain) return false;
        memcpy(chain, r->fallbacks, r->fallback_count * sizeof *chain);
        r->fallbacks = chain;
    }
    r->prompt = c->req.prompt;
    r->prompt_len = c->req.prompt_len;
    r->messages = c->req.messages;
    r->message_count = c->req.message_count;
    r->system = c->req.system;
    r->system_len = c->req.system_len;
    r->tools = c->req.tools;
    r->tool_choice = c->req.tool_choice;
    r->format = c->req.format;
    r->user = c->req.user;
    if (r->stop_count) r->stop = c->req.stop;
    if (r->reasoning) r->reasoning = c->req.reasoning;
    r->flags |= LLMF_BORROW;
#if LLMFI_HAS_OPS
    if (c->reply.job) r->input = c->reply.job->input;
#endif
#if LLMF_HAS_BUDGETS
    if (!llmfi_held_of(c)) return false; /* it counts for all attempts */
#endif
    o->ask = c->ask;
    o->mark = llmfi_arena_mark_of(&c->arena);
    return true;
}

/* Everything of the attempt that has ended goes; the call is as llmf_start had it, with the request that was kept. */
static void llmfi_call_rewind(llmfi_call *c) {
    llmfi_call_clear(c, &c->origin->mark);
    c->req = c->origin->req;
    c->ask.schemas = c->origin->ask.schemas;
    c->ask.format = c->origin->ask.format;
    c->ask.extra = c->origin->ask.extra;
}

/* ---- the record of a call's attempts ---- */

/* Made when first needed; NULL where there is no memory for it: the call then ends as it is. */
static struct llmfi_tries *llmfi_tries_of(llmfi_call *c) {
    struct llmfi_tries *t = c->tries;
    if (t) return t;
    t = (struct llmfi_tries *)llmfi_heap_alloc(&c->f->heap, sizeof *t);
    if (!t) return NULL;
    memset(t, 0, sizeof *t);
    t->models[0] = c->prepared;
    c->prepared->references++;
    c->tries = t;
    return t;
}

static void llmfi_tries_free(llmfi_call *c) {
    struct llmfi_tries *t = c->tries;
    size_t i;
    if (!t) return;
    for (i = 0; i < LLMFI_COUNT(t->models); i++)
        if (t->models[i]) llmfi_prepared_release(&c->f->heap, t->models[i]);
    llmfi_heap_free(&c->f->heap, t);
    c->tries = NULL;
}

/* An attempt that has ended, after those before it. */
static void llmfi_tries_note_as(struct llmfi_tries *t, const llmfi_call *c, int code) {
    llmf_attempt *a;
    if (t->kept == LLMF_MAX_ATTEMPTS) memmove(t->attempts, t->attempts + 1, --t->kept * sizeof *t->attempts);
    a = &t->attempts[t->kept++];
    t->total++;
    t->asked[c->hedge_of ? t->hedge_at : t->at]++;
    a->provider = c->prepared->record.provider->name;
    a->model = c->prepared->record.s.name;
    a->error = code;
    a->http_status = c->reply.status;
    a->latency_ms = llmfi_between_ms(c->attempt_ns, c->f->now_ns);
    a->wait_ms = t->wait_ms;
    t->ended_ns = c->f->now_ns;
}

/* That of the call itself. */
static void llmfi_tries_note(llmfi_call *c) {
    llmfi_tries_note_as(c->tries, c, c->reply.error.code);
    c->tries->noted = true;
}

/* Why this model is out, for the text of ALL_FAILED. */
static void llmfi_tries_end(struct llmfi_tries *t, size_t at, const llmf_error *e, uint64_t until_ns) {
    llmfi_outcome *o = &t->ends[at];
    llmfi_text text = llmfi_text_in(o->why, sizeof o->why);
    o->code = e->code;
    o->until_ns = until_ns;
    llmfi_say_c(&text, llmf_result_name(e->code));
#if LLMF_HAS_STRINGS
    LLMFI_SAY(&text, ": ");
    llmfi_say_c(&text, e->text);
#endif
}

/* ---- log ---- */

/* "openai gpt-4o": which model, in log lines and errors. */
static void llmfi_say_model(llmfi_text *t, const llmfi_prepared *p) {
    llmfi_say(t, p->record.provider->name);
    llmfi_say_c(t, " ");
    llmfi_say(t, p->record.s.name);
}

static bool llmfi_log_wanted(const llmf_factory *f, int level) {
    return f->desc.log && level <= (f->desc.log_level ? f->desc.log_level : LLMF_LOG_WARNING);
}

static void llmfi_log_switch(llmfi_call *c, const llmfi_prepared *from, int code) {
    char line[256];
    llmfi_text t = llmfi_text_in(line, sizeof line);
    if (!llmfi_log_wanted(c->f, LLMF_LOG_WARNING)) return;
    llmfi_say_model(&t, from);
    if (code == LLMF_ERR_QUOTA || code == LLMF_ERR_RATE_LIMIT) {
        LLMFI_SAY(&t, " quota exceeded");
    } else {
        LLMFI_SAY(&t, " failed: ");
        llmfi_say_c(&t, llmf_result_name(code));
    }
    LLMFI_SAY(&t, ", switching to ");
    llmfi_say_model(&t, c->prepared);
    llmfi_log(c->f, LLMF_LOG_WARNING, 5, llmfi_str(line, t.len));
}

static void llmfi_log_repeat(llmfi_call *c, int64_t wait_ms) {
    char line[256];
    llmfi_text t = llmfi_text_in(line, sizeof line);
    if (!llmfi_log_wanted(c->f, LLMF_LOG_INFO)) return;
    llmfi_say_model(&t, c->prepared);
    LLMFI_SAY(&t, " failed: ");
    llmfi_say_c(&t, llmf_result_name(c->reply.error.code));
    LLMFI_SAY(&t, ", repeat ");
    llmfi_say_int(&t, c->tries->repeats);
    LLMFI_SAY(&t, " in ");
    llmfi_say_int(&t, wait_ms);
    LLMFI_SAY(&t, " ms");
    llmfi_log(c->f, LLMF_LOG_INFO, 4, llmfi_str(line, t.len));
}

/* ---- when ---- */

/* Below n, as the hook has it or as good as chance. */
static int64_t llmfi_chance(llmfi_call *c, int64_t n) {
    unsigned char bytes[8];
    uint64_t value = 0;
    size_t i;
    if (n <= 0) return 0;
    llmfi_some_bytes(c, bytes, sizeof bytes);
    for (i = 0; i < sizeof bytes; i++) value = value << 8 | bytes[i];
    return (int64_t)(value % (uint64_t)n);
}

/* Milliseconds before the n-th repeat, from 1. */
static int64_t llmfi_backoff(llmfi_call *c, const llmf_retry *rules, int64_t n) {
    int64_t ms = rules->delay_ms > 0 ? rules->delay_ms : 0, most = rules->max_delay_ms < 0 ? INT64_MAX / 4 : rules->max_delay_ms, chance;
    while (--n > 0 && ms && ms < most) ms *= 2;
    if (ms > most) ms = most;
    chance = rules->jitter >= 100 ? ms : rules->jitter > 0 ? ms / 100 * rules->jitter + ms % 100 * rules->jitter / 100 : 0;
    ms -= chance ? llmfi_chance(c, chance + 1) : 0;
    return rules->min_delay_ms > ms ? rules->min_delay_ms : ms;
}

/* What the provider asks for; LLMF_UNKNOWN. A limit that is used up says when it is filled again. */
static int64_t llmfi_asked_wait(const llmfi_call *c) {
    const llmfi_health *h = llmfi_health_at(c);
    int64_t ms = c->retry_after_ms >= 0 ? c->retry_after_ms : c->reply.error.retry_after_ms;
    if (ms >= 0 || c->reply.error.code != LLMF_ERR_RATE_LIMIT || !h) return ms;
    if (h->left_requests == 0) ms = h->reset_requests_ms;
    if (h->left_tokens == 0 && h->reset_tokens_ms > ms) ms = h->reset_tokens_ms;
    return ms;
}

/* The moment by which the call must be over; UINT64_MAX: none. A part of another one ends with that. */
static uint64_t llmfi_call_until(const llmfi_call *c) {
    const llmfi_call *whole = c;
#if LLMF_HAS_EMBED
    if (llmfi_parent(c)) whole = llmfi_parent(c);
#endif
    return whole->req.timeouts.total_ms > 0 ? llmfi_after_ms(whole->start_ns, whole->req.timeouts.total_ms) : UINT64_MAX;
}

/* ---- the chain ---- */

/* The i-th of LLM_FALLBACK_PROVIDERS; empty: there is none. */
static llmf_str llmfi_chain_provider(const llmfi_call *c, size_t i) {
    const llmfi_prepared *first = c->tries ? c->tries->models[0] : c->prepared;
    return llmfi_chain_word_at(llmfi_env_filled(&c->f->env, LLMFI_LIT("LLM_FALLBACK_PROVIDERS")), first->record.provider->name, i);
}

/* The first of these that is there: the request's, the model's, llmf_desc's, the environment's. Vectors, counts and lists of another model are no answer. */
static size_t llmfi_chain_length(const llmfi_call *c) {
    const llmfi_node *list = c->tries ? c->tries->models[0]->record.fallbacks : c->prepared->record.fallbacks;
    size_t n = 0;
    if (c->req.op != LLMF_OP_CHAT && c->req.op != LLMF_OP_TRANSCRIBE) return 0;
    if (c->origin->req.fallback_count) n = c->origin->req.fallbacks ? c->origin->req.fallback_count : 0;
    else if (list) n = list->count;
    else if (c->f->desc.fallback_count) n = c->f->desc.fallback_count;
    else while (n < LLMF_MAX_FALLBACKS && llmfi_chain_provider(c, n).len) n++;
    return n < LLMF_MAX_FALLBACKS ? n : LLMF_MAX_FALLBACKS;
}

static llmfi_prepared *llmfi_prepared_named(llmf_factory *f, llmf_str name, llmf_error *err) {
    uint32_t at = llmfi_handle_named(&f->handles, f->config, name, err);
    return at ? llmfi_handle_slot(&f->handles, at)->prepared : NULL;
}

/* The i-th of the chain, from 0. NULL with *err: it is no model that can be used. */
static llmfi_prepared *llmfi_chain_at(llmfi_call *c, size_t i, llmf_error *err) {
    const llmfi_node *list = c->tries->models[0]->record.fallbacks, *item = list ? list->child : NULL;
    char name[LLMFI_CHAIN_NAME];
    if (c->origin->req.fallback_count) {
        uint32_t at = llmfi_handle_at(&c->f->handles, c->origin->req.fallbacks[i]);
        if (at) return llmfi_handle_use(&c->f->handles, c->f->config, at, err);
        llmfi_error_set(err, LLMF_ERR_STALE, "a handle of llmf_request.fallbacks has ended");
        return NULL;
    }
    if (list) {
        while (item && i--) item = item->next;
        return item ? llmfi_prepared_named(c->f, item->text, err) : NULL;
    }
    if (c->f->desc.fallback_count) return llmfi_prepared_named(c->f, llmfi_cstr(c->f->desc.fallbacks[i]), err);
    return llmfi_prepared_named(c->f, llmfi_chain_word(c->f, llmfi_chain_provider(c, i), name), err);
}

/* May this model be asked now? Else *err says why not, and *until when it may. `only`: the call has no other one to go to. */
static bool llmfi_may_ask(const llmfi_call *c, const llmfi_prepared *p, bool only, llmf_error *err, uint64_t *until) {
    const llmfi_health *h = p->health;
    int code = LLMF_OK;
    llmfi_text t;
    *until = h && h->guarded ? llmfi_health_closed_until(c->f, h, &code) : 0;
    if (*until && only && !(h->cool_until_ns <= c->f->now_ns && llmfi_breaker_wanted(c, p))) *until = 0;
    if (!*until) return true;
    t = llmfi_error_begin(err, code);
    llmfi_say_model(&t, p);
    if (h->cool_until_ns > c->f->now_ns) LLMFI_SAY(&t, " is cooling down for ");
    else LLMFI_SAY(&t, " has failed too often, and is not asked for ");
    llmfi_say_int(&t, (int64_t)((*until - c->f->now_ns) / LLMFI_MS));
    LLMFI_SAY(&t, " ms");
    err->retry_after_ms = (int64_t)((*until - c->f->now_ns) / LLMFI_MS);
    return false;
}

/* The call is that model's from now on. */
static void llmfi_call_turn(llmfi_call *c, size_t at, llmfi_prepared *p) {
    struct llmfi_tries *t = c->tries;
    if (!t->models[at]) {
        t->models[at] = p;
        p->references++;
    }
    p->references++;
    llmfi_prepared_release(&c->f->heap, c->prepared);
    c->prepared = p;
#if LLMF_HAS_TOKENS
    c->f->counted_call = 0; /* another model counts in another way */
#endif
    if (!p->health) p->health = llmfi_health_of(c->f, &p->record);
    c->moved = at > 0;
    t->at = at;
    t->repeats = 0;
    t->due_ns = c->f->now_ns ? c->f->now_ns : 1;
    c->f->deferred = true;
}

/* On to the next model that may be asked. False: there is none. */
static bool llmfi_move(llmfi_call *c) {
    struct llmfi_tries *t = c->tries;
    llmfi_prepared *from = c->prepared;
    size_t i, n = t->last ? 0 : llmfi_chain_length(c);
    int code = c->reply.error.code;
    for (i = t->at + 1; i <= n; i++) {
        uint64_t until = 0;
        llmf_error err;
        llmfi_prepared *p;
        llmfi_error_clear(&err);
        p = llmfi_chain_at(c, i - 1, &err);
        if (p && !p->health) p->health = llmfi_health_of(c->f, &p->record);
        if (p && llmfi_may_ask(c, p, false, &err, &until)) {
            llmfi_call_turn(c, i, p);
            llmfi_metrics_fallback(c->f, &from->record, &p->record, code);
            llmfi_log_switch(c, from, code);
            return true;
        }
        if (p && !t->models[i]) {
            t->models[i] = p;
            p->references++;
        }
        llmfi_tries_end(t, i, &err, until);
    }
    return false;
}

/* Of the models that were passed over and have attempts left, the one that may be asked first; LLMFI_NOWHERE. */
static size_t llmfi_passed_over(const llmfi_call *c) {
    const struct llmfi_tries *t = c->tries;
    size_t i, best = LLMFI_NOWHERE;
    for (i = 0; i < LLMFI_COUNT(t->ends); i++) {
        llmf_retry rules;
        if (!t->models[i] || !t->ends[i].until_ns || (best != LLMFI_NOWHERE && t->ends[i].until_ns >= t->ends[best].until_ns)) continue;
        llmfi_retry_rules_of(c, t->models[i], &rules);
        if (t->asked[i] <= (rules.max_retries > 0 ? rules.max_retries : 0)) best = i;
    }
    return best;
}

/* All have failed, or were passed over, and one of the latter has its turn when it may be asked. Where that is too long, or nothing is to be repeated, the call is
   one without another model to go to: it waits for room as its timeouts let it, and cool-downs and breakers do not keep it away, unless somebody has asked for those. */
static bool llmfi_revive(llmfi_call *c, const llmf_retry *rules) {
    struct llmfi_tries *t = c->tries;
    size_t best = t->last ? LLMFI_NOWHERE : llmfi_passed_over(c);
    uint64_t until;
    int code;
    if (best == LLMFI_NOWHERE) return false;
    until = t->ends[best].until_ns;
    if (rules->max_retries <= 0 || until >= llmfi_call_until(c) || (rules->max_wait_ms >= 0 && until > llmfi_after_ms(c->f->now_ns, rules->max_wait_ms))) {
        if (t->models[best]->health && llmfi_health_closed_until(c->f, t->models[best]->health, &code) && llmfi_breaker_wanted(c, t->models[best])) return false;
        until = 0;
    }
    t->last = true;
    llmfi_call_turn(c, best, t->models[best]);
    t->repeats = t->asked[best];
    if (until > t->due_ns) t->due_ns = until;
    return true;
}

/* ---- what to do about a failure ---- */

enum {
    LLMFI_REPEAT = 1,                        /* may pass by itself */
    LLMFI_MOVE_FIRST = 2,                    /* another model at once, where there is one */
    LLMFI_COOL = 4,                          /* the model need not be asked for a while */
    LLMFI_FAULT = 8                          /* its provider's: counts for the breaker */
};
static const uint8_t llmfi_meanings[LLMF_ERR_ALL_FAILED + 1] = {
    0, 0, 0, 0, 0, 0, 0,
    LLMFI_MOVE_FIRST | LLMFI_COOL,                /* AUTH */
    LLMFI_MOVE_FIRST | LLMFI_COOL,                /* PERMISSION */
    LLMFI_MOVE_FIRST | LLMFI_COOL,                /* NOT_FOUND */
    LLMFI_REPEAT | LLMFI_MOVE_FIRST | LLMFI_COOL, /* RATE_LIMIT */
    LLMFI_MOVE_FIRST | LLMFI_COOL,                /* QUOTA */
    LLMFI_MOVE_FIRST, LLMFI_MOVE_FIRST, LLMFI_MOVE_FIRST, /* CONTEXT_LENGTH, CONTENT_FILTER, BAD_REQUEST */
    LLMFI_REPEAT | LLMFI_FAULT, LLMFI_REPEAT | LLMFI_FAULT, LLMFI_REPEAT | LLMFI_FAULT, LLMFI_REPEAT | LLMFI_FAULT, /* OVERLOADED, SERVER, TIMEOUT, NETWORK */
    LLMFI_FAULT, LLMFI_FAULT, LLMFI_REPEAT | LLMFI_FAULT, /* TLS, PROTOCOL, TRUNCATED */
    0, 0, 0, 0, 0, 0, 0
};

/* What the failure tells of the model, whatever becomes of the call. */
static void llmfi_health_bad(llmfi_call *c, const llmf_retry *rules, int meaning) {
    llmfi_health *h = llmfi_health_at(c);
    int64_t asked = llmfi_asked_wait(c);
    if (!h) return;
    if (meaning & LLMFI_FAULT) {
        h->bad++;
        if (llmfi_health_opens(c->f, h, rules) && llmfi_log_wanted(c->f, LLMF_LOG_WARNING)) {
            char line[200];
            llmfi_text t = llmfi_text_in(line, sizeof line);
            llmfi_say_model(&t, c->prepared);
            LLMFI_SAY(&t, " has failed too often: its breaker is open for ");
            llmfi_say_int(&t, rules->breaker_ms);
            LLMFI_SAY(&t, " ms");
            llmfi_log(c->f, LLMF_LOG_WARNING, 7, llmfi_str(line, t.len));
        }
    }
    if (c->key) return; /* of several keys it is this one that is out: llmfi_other_key */
    if (meaning & LLMFI_COOL && rules->cooldown_ms > 0 && (c->reply.status || asked >= 0))
        llmfi_health_cool(c->f, h, c->reply.error.code, asked >= 0 ? asked : rules->cooldown_ms);
}

/* One of several keys is out for a while: another one, at once. Ends, as each round has one key less. */
static bool llmfi_other_key(llmfi_call *c, const llmf_retry *rules) {
    const llmfi_node *list = llmfi_key_list(c), *n;
    int code = c->reply.error.code;
    int64_t asked = llmfi_asked_wait(c);
    if (!list || !c->key || !(code == LLMF_ERR_AUTH || code == LLMF_ERR_PERMISSION || code == LLMF_ERR_QUOTA || code == LLMF_ERR_RATE_LIMIT)) return false;
    llmfi_health_cool(c->f, c->key, code, asked > 0 ? asked : rules->cooldown_ms > 0 ? rules->cooldown_ms : 1000);
    c->key = NULL;
    for (n = list->child; n; n = n->next) {
        const llmfi_health *h = llmfi_key_health(c, n->text);
        if (!h || h->cool_until_ns > c->f->now_ns || !llmfi_env_filled(&c->f->env, n->text).len) continue;
        c->tries->due_ns = c->f->now_ns ? c->f->now_ns : 1;
        c->f->deferred = true;
        return true;
    }
    return false;
}

/* The key that was fetched was refused: the same again at once, with one that is fetched anew. Once. */
static bool llmfi_renew(llmfi_call *c) {
    c->origin->renewed = true;
    c->tries->due_ns = c->f->now_ns ? c->f->now_ns : 1;
    c->f->deferred = true;
    return true;
}

/* The same model again, after a while. False: it is not worth it. */
static bool llmfi_repeat(llmfi_call *c, const llmf_retry *rules, int meaning) {
    struct llmfi_tries *t = c->tries;
    int64_t asked = llmfi_asked_wait(c), wait;
    uint64_t due;
    bool may = c->should_retry ? c->should_retry > 0 : (meaning & LLMFI_REPEAT) != 0;
    if (!may || t->repeats >= rules->max_retries) return false;
    wait = asked >= 0 ? asked : llmfi_backoff(c, rules, t->repeats + 1);
    if (asked >= 0 && rules->max_wait_ms >= 0 && asked > rules->max_wait_ms) return false;
    due = llmfi_after_ms(c->f->now_ns, wait);
    if (due >= llmfi_call_until(c)) return false;
    t->repeats++;
    t->due_ns = due ? due : 1;
    llmfi_metrics_retry(c);
    llmfi_log_repeat(c, wait);
    return true;
}

/* "all failed: [openai gpt-4o: rate_limit: …, anthropic …: …]" */
static LLMFI_COLD void llmfi_all_failed(llmfi_call *c) {
    struct llmfi_tries *t = c->tries;
    llmf_error *e = &c->reply.error;
    int64_t retry_after = llmfi_asked_wait(c);
    llmf_str message = e->message;
    llmfi_text text;
    size_t i, said = 0;
    text = llmfi_error_begin(e, LLMF_ERR_ALL_FAILED);
    LLMFI_SAY(&text, "all failed: [");
    for (i = 0; i < LLMFI_COUNT(t->ends); i++) {
        if (t->ends[i].code == LLMF_OK) continue;
        if (said++) LLMFI_SAY(&text, ", ");
        if (t->models[i]) {
            llmfi_say_model(&text, t->models[i]);
            LLMFI_SAY(&text, ": ");
        }
        llmfi_say_c(&text, t->ends[i].why);
    }
    LLMFI_SAY(&text, "]");
    e->retry_after_ms = retry_after;
    e->message = message;
    llmfi_log(c->f, LLMF_LOG_ERROR, 6, llmfi_str(e->text, text.len));
}

/* Nothing has been handed out, the caller still wants it, and there is time. */
static bool llmfi_may_go_on(const llmfi_call *c) {
    if (c->reply.content || c->reply.refused || c->first_content_ns || c->stop || c->free_later || c->previewing || c->f->closing) return false;
#if LLMF_HAS_EMBED
    if (llmfi_is_split(c)) return false; /* its parts go on */
#endif
    return llmfi_taken_before(c) && c->prepared && c->f->now_ns < llmfi_call_until(c);
}

/* The attempt has failed, by c->reply.error. True: the call goes on, at its due_ns. */
static bool llmfi_goes_on(llmfi_call *c) {
    int code = c->reply.error.code, meaning, closed;
    bool has_chain, first, on, refused = false;
    struct llmfi_tries *t;
    llmf_retry rules;
    if (code == LLMF_OK || code > LLMF_ERR_ALL_FAILED || !c->prepared || c->previewing || c->filter_refused) return false;
    meaning = llmfi_meanings[code];
    llmfi_retry_rules(c, &rules);
#if LLMF_HAS_SECRETS
    refused = code == LLMF_ERR_AUTH && !c->kept_away && llmfi_secret_refused(c) && c->origin && !c->origin->renewed;
#endif
    if (meaning && !refused && !c->kept_away && !(c->tries && c->tries->noted)) llmfi_health_bad(c, &rules, meaning);
    if (c->hedge_of || (!(rules.fallback_on >> code & 1) && !meaning)) return false;
    if (!llmfi_may_go_on(c) || (t = llmfi_tries_of(c)) == NULL) return false;
    if (!c->kept_away && !t->noted) {
        llmfi_seen_attempt(c, code);
        llmfi_tries_note(c);
    }
    c->origin->hedge_ns = 0;
    llmfi_tries_end(t, t->at, &c->reply.error, c->kept_until_ns);
    if (t->hedge && !t->hedge->ended) { /* that one is the answer, or the end */
        t->due_ns = UINT64_MAX;
        llmfi_error_clear(&c->reply.error);
        return true;
    }
    has_chain = llmfi_chain_length(c) > 0 && (rules.fallback_on >> code & 1);
    first = has_chain && c->should_retry <= 0 && (meaning & LLMFI_MOVE_FIRST || (llmfi_health_at(c) && llmfi_health_closed_until(c->f, llmfi_health_at(c), &closed)));
    on = (refused && llmfi_renew(c)) || (!c->kept_away && llmfi_other_key(c, &rules)) || (first && llmfi_move(c)) || (!c->kept_away && llmfi_repeat(c, &rules, meaning)) || (has_chain && !first && llmfi_move(c)) || llmfi_revive(c, &rules);
    if (!on && (t->at || has_chain)) llmfi_all_failed(c);
    if (!on) return false;
    llmfi_budget_settle(c, LLMF_UNKNOWN);
    llmfi_error_clear(&c->reply.error);
    return on;
}

/* Is it time for the next attempt of a call that waits, and not for room? */
static bool llmfi_try_due(const llmfi_call *c) {
    return c->tries && c->tries->due_ns && !c->tries->queued && !c->ended && c->tries->due_ns <= c->f->now_ns;
}

#endif
#endif
