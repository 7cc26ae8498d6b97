/* A call that asks several times, each time with what came of the steps before: a chain (template, model, parse, and on), or a run (the model, the tools that it calls,
   the model again: run.h). It stays the same call, as one that is repeated does (retry.h): when a step has ended well, what it made is thrown away but its result, and
   llmf_poll begins the next one. So it is cancelled, timed, counted and freed as any other. What comes of a chain's step before the last is hidden. */
#ifndef LLMFI_ENGINE_STEPS_H
#define LLMFI_ENGINE_STEPS_H
#include "../factory/render.h"
#include "budget.h"
#include "cache.h"
#include "core.h"
#include "filters.h"
#include "health.h"
#include "hedge.h"
#include "retry.h"
#include "settle.h"
#include "spans.h"
#include "structured.h"

#if LLMFI_HAS_STEPS

#if LLMF_HAS_PROMPTS
/* One step; all in the chain's arena, but what the config holds. */
typedef struct llmfi_step {
    const llmfi_recipe *prompt;               /* NULL: the request's own texts */
    llmf_request request;                    /* its own, laid over the chain's: texts are templates */
    llmfi_prepared *prepared;                /* counted */
#if LLMF_HAS_ROUTES
    llmfi_routed *route;                     /* that chose it; NULL */
#endif
    llmf_str as;
    int parse;                               /* LLMFI_PARSE_… */
} llmfi_step;
#endif

struct llmfi_steps {
    llmfi_arena arena;                       /* as long as the call: copies of what was given, results, names of attempts */
    llmfi_config *config;                    /* held */
    size_t now;                              /* the step under way, from 0 */
#if LLMF_HAS_RUN
    struct llmfi_run *run;                   /* NULL: it is a chain */
#endif
#if LLMF_HAS_PROMPTS
    llmfi_arena filled;                      /* the texts of the step under way */
    llmf_str name;                           /* empty: it has none */
    llmfi_step *at;
    size_t count;
    const llmf_var *vars;
    size_t var_count;
    llmfi_output *outputs;
#endif
    size_t told;                             /* results that have been handed out; of a chain there are `now` of them, one more where `due` */
    llmfi_arena_mark mark;                   /* what the call keeps over its steps: see llmfi_steps_first */
    bool due;                                /* a step has ended, and the next one waits for llmf_poll */
    llmfi_spent spent;
    llmf_attempt attempts[LLMF_MAX_ATTEMPTS];
    size_t kept;                             /* of them */
    int64_t total;
#if LLMFI_HAS_JSON_STEPS
    struct llmfi_structured *json;           /* of a call whose answer must keep to a schema; NULL: a chain */
#endif
};

#if LLMFI_HAS_JSON_STEPS
#define llmfi_structured_of(c) ((c)->steps->json)
#else
#define llmfi_structured_of(c) false
#endif

static void llmfi_hand_out(llmfi_call *c);
static void llmfi_finish(llmfi_call *c);
static void llmfi_set_deadline(llmfi_call *c);
#if LLMF_HAS_CONFIG
static void llmfi_warn_window(llmfi_call *c);
#endif
static bool llmfi_call_build_on(llmfi_call *c);
static bool llmfi_call_go(llmfi_call *c);

#if LLMF_HAS_RUN
#define llmfi_is_run(c) ((c)->steps->run != NULL)
static size_t llmfi_run_to_tell(const llmfi_call *c);
static void llmfi_run_event(llmfi_call *c, llmf_event *ev);
static bool llmfi_run_take(llmfi_call *c);
static bool llmfi_run_more(const llmfi_call *c);
static bool llmfi_run_build(llmfi_call *c);
static bool llmfi_run_work(llmfi_call *c);
static void llmfi_run_over(llmfi_call *c);
static void llmfi_run_settle(llmfi_call *c);
static void llmfi_run_free(llmfi_call *c);
#else
#define llmfi_is_run(c) false
#endif

/* ---- what others ask ---- */

/* What comes is of a step before the last: nobody sees it. */
static bool llmfi_steps_hide(const llmfi_call *c) {
#if LLMF_HAS_PROMPTS
    return c->steps && c->steps->now + 1 < c->steps->count;
#else
    (void)c;
    return false;
#endif
}

/* Results that wait to be handed out. */
static bool llmfi_steps_tell(const llmfi_call *c) {
#if LLMF_HAS_RUN
    if (c->steps && llmfi_is_run(c)) return c->steps->told < llmfi_run_to_tell(c);
#endif
    return c->steps && c->steps->told < c->steps->now + c->steps->due;
}

static bool llmfi_steps_due(const llmfi_call *c) {
    return c->steps && c->steps->due && !c->ended;
}

static bool llmfi_steps_event(llmfi_call *c, llmf_event *ev) {
    struct llmfi_steps *s = c->steps;
    if (!llmfi_steps_tell(c)) return false;
    memset(ev, 0, sizeof *ev);
    ev->type = LLMF_EVENT_STEP;
    ev->call.id = c->id;
#if LLMF_HAS_RUN
    if (llmfi_is_run(c)) llmfi_run_event(c, ev);
#endif
#if LLMF_HAS_PROMPTS
    if (!llmfi_is_run(c)) {
        ev->index = (int)s->told;
        ev->text = s->outputs[s->told].text;
    }
#endif
    s->told++;
    return true;
}

#if LLMF_HAS_PROMPTS
/* ---- reading an answer ---- */

/* A line without "- ", "* ", "1. " or "1) " before it. */
static llmf_str llmfi_unlisted(llmf_str line) {
    size_t n = 0;
    line = llmfi_trim(line);
    while (n < line.len && llmfi_is_digit(line.ptr[n])) n++;
    if (n ? n < line.len && (line.ptr[n] == '.' || line.ptr[n] == ')') : line.len && (line.ptr[0] == '-' || line.ptr[0] == '*')) n++;
    else n = 0;
    return n && n < line.len && llmfi_is_space(line.ptr[n]) ? llmfi_trim(llmfi_from(line, n)) : line;
}

static void llmfi_put_lines(llmf_str text, llmfi_out *out) {
    llmfi_jw w;
    llmfi_jw_init(&w, out);
    llmfi_jw_array(&w);
    while (text.len) {
        size_t n = llmfi_find_char(text, '\n');
        llmf_str line = llmfi_unlisted(llmfi_str(text.ptr, n == LLMFI_NOWHERE ? text.len : n));
        if (line.len) llmfi_jw_str(&w, line);
        text = llmfi_from(text, n == LLMFI_NOWHERE ? text.len : n + 1);
    }
    llmfi_jw_array_end(&w);
}

static bool llmfi_step_lines(llmfi_call *c, llmf_str text, llmf_str *to) {
    llmfi_out out;
    char *at;
    llmfi_out_count(&out);
    llmfi_put_lines(text, &out);
    at = out.total > (size_t)-1 / 8 ? NULL : (char *)llmfi_arena_alloc(&c->steps->arena, (size_t)out.total + 1);
    if (!at) return llmfi_error_memory(&c->reply.error);
    *to = llmfi_str(at, (size_t)out.total);
    llmfi_out_window(&out, at, (size_t)out.total, 0);
    llmfi_put_lines(text, &out);
    return true;
}

/* The answer of the step that has ended becomes its result. False with the error in the reply. */
static bool llmfi_step_take(llmfi_call *c, bool last) {
    struct llmfi_steps *s = c->steps;
    const llmfi_step *step = &s->at[s->now];
    llmfi_output *to = &s->outputs[s->now];
    llmf_str text = llmfi_reply_text_of(&llmfi_shown(c)->text);
    if (!last && (c->reply.finish == LLMF_FINISH_REFUSAL || c->reply.finish == LLMF_FINISH_CONTENT_FILTER))
        return llmfi_error_set(&c->reply.error, LLMF_ERR_CONTENT_FILTER, "the model refused, or a filter cut its answer: the steps behind it have nothing to go on with");
    if (step->parse == LLMFI_PARSE_JSON && !llmfi_find_json(text, &text))
        return llmfi_error_set(&c->reply.error, LLMF_ERR_SCHEMA, "the answer holds no JSON value: ask for one with format: json, or drop parse; the answer is in response.text");
    if (last) return true;
    to->name = step->as;
    to->json = step->parse != LLMFI_PARSE_TEXT;
    if (step->parse == LLMFI_PARSE_LINES) return llmfi_step_lines(c, text, &to->text);
    to->text = llmfi_arena_copy(&s->arena, text);
    return !s->arena.failed || llmfi_error_memory(&c->reply.error);
}
#endif

#if LLMFI_HAS_JSON_STEPS

/* One more step, as the answer did not do: what is wrong with it is the result of the one that has ended. */
static bool llmfi_structured_again(llmfi_call *c, llmf_str answer, llmf_str problems, bool answered) {
    struct llmfi_steps *s = c->steps;
    llmfi_step *next = &s->at[s->count];
    *next = s->at[s->now];
    s->outputs[s->now].text = llmfi_arena_copy(&s->arena, problems);
    if (s->arena.failed || !llmfi_structured_request(&s->arena, s->json, &next->request, answer, answered ? problems : llmfi_str("", 0))) return false;
    next->prepared = c->prepared; /* the one that has answered */
    next->prepared->references++;
    s->count++;
    return true;
}

/* The answer of a call with a schema has come. True: it is asked for again. */
static bool llmfi_structured_over(llmfi_call *c) {
    struct llmfi_steps *s = c->steps;
    struct llmfi_structured *j = s->json;
    llmf_str answer = llmfi_reply_text_of(&llmfi_shown(c)->text);
    llmf_error *e = &c->reply.error;
    char text[1024];
    llmfi_text problems = llmfi_text_in(text, sizeof text);
    llmfi_buf value;
    int code;
    if (c->reply.finish == LLMF_FINISH_REFUSAL || c->reply.finish == LLMF_FINISH_CONTENT_FILTER)
        return llmfi_error_set(e, LLMF_ERR_CONTENT_FILTER, "the model refused, or a filter cut its answer: there is no JSON value");
    if (c->reply.call_count) return false; /* tools come first: the caller asks again with their results */
    llmfi_buf_init(&value, &c->f->heap, 0);
    code = llmfi_answer_take(&j->schema, answer, j->strict, &value, &j->repaired, &problems);
    if (code == LLMF_OK) j->value = llmfi_arena_copy(&s->arena, llmfi_buf_str(&value));
    llmfi_buf_free(&value);
    if (code == LLMF_ERR_SCHEMA && s->now < (size_t)j->most + j->refused) {
        if (llmfi_structured_again(c, answer, llmfi_str(text, problems.len), true)) return true;
        code = LLMF_ERR_MEMORY;
    }
    if (code == LLMF_ERR_MEMORY || s->arena.failed) return llmfi_error_memory(e);
    return code == LLMF_OK ? false : llmfi_error_about(e, code, "the answer does not keep to its schema; ", llmfi_str(text, problems.len), "");
}

#endif

/* ---- sums ---- */

/* What a step has taken, settled in c->response. */
static void llmfi_step_count(llmfi_call *c) {
    struct llmfi_steps *s = c->steps;
    const llmf_response *r = &c->response;
    size_t i;
    for (i = 0; i < r->attempt_count; i++) {
        llmf_attempt *a;
        if (s->kept == LLMF_MAX_ATTEMPTS) memmove(s->attempts, s->attempts + 1, --s->kept * sizeof *s->attempts);
        a = &s->attempts[s->kept++];
        *a = r->attempts[i];
        if (a->provider.len) a->provider = llmfi_arena_copy(&s->arena, a->provider);
        if (a->model.len) a->model = llmfi_arena_copy(&s->arena, a->model);
    }
    if (!r->cached) s->total += r->attempt_total;
    s->arena.failed = false; /* at worst an attempt has no name */
    llmfi_spent_add(&s->spent, c);
}

#if LLMF_HAS_METRICS
static const llmf_usage *llmfi_steps_usage(const llmfi_call *c) {
    return &c->steps->spent.usage;
}
#endif

/* The call has ended, and its last step is settled: the response is the chain's. */
static void llmfi_steps_settle(llmfi_call *c) {
    struct llmfi_steps *s = c->steps;
    llmf_response *r = &c->response;
    if (!s->due) {
        llmfi_step_count(c);
    } else if (!llmfi_is_run(c)) { /* ended between two steps: nothing has come of the next one */
        r->text = r->reasoning = r->refusal = r->state = r->raw = llmfi_str("", 0);
        r->tool_call_count = r->citation_count = 0;
        r->finish = LLMF_FINISH_NONE;
    }
    r->usage = s->spent.usage;
    r->cost_pico = s->spent.cost;
    r->cached = s->spent.cached;
    r->attempts = s->attempts;
    r->attempt_count = s->kept;
    r->attempt_total = s->total;
#if LLMF_HAS_RUN
    if (llmfi_is_run(c)) llmfi_run_settle(c);
#endif
#if LLMFI_HAS_JSON_STEPS
    if (!s->json) return;
    r->json = s->json->value;
    r->json_repaired = (short)(s->json->value.len ? s->json->repaired : 0);
    r->json_asked = (short)(s->now - s->json->refused);
#endif
}

/* ---- sentences ---- */

static void llmfi_say_step(const struct llmfi_steps *s, size_t at, llmfi_text *t) {
#if LLMF_HAS_RUN
    if (s->run) {
        LLMFI_SAY(t, "run, turn ");
        llmfi_say_int(t, (int64_t)at + 1);
        LLMFI_SAY(t, ": ");
        return;
    }
#endif
#if LLMF_HAS_PROMPTS
    LLMFI_SAY(t, "chain ");
    if (s->name.len) {
        llmfi_say(t, llmfi_utf8_cut(s->name, 100));
        LLMFI_SAY(t, ", ");
    }
    if (at >= s->count) return;
    LLMFI_SAY(t, "step ");
    llmfi_say_int(t, (int64_t)at + 1);
    if (s->at[at].prompt && s->at[at].prompt->name.len) {
        LLMFI_SAY(t, " (");
        llmfi_say(t, llmfi_utf8_cut(s->at[at].prompt->name, 100));
        LLMFI_SAY(t, ")");
    }
    LLMFI_SAY(t, ": ");
#endif
}

/* The error of a step says which. */
static LLMFI_COLD void llmfi_step_failed(const struct llmfi_steps *s, size_t at, llmf_error *e) {
    char text[sizeof e->text];
    llmfi_text t = llmfi_text_in(text, sizeof text);
    llmfi_say_step(s, at, &t);
    llmfi_say_c(&t, e->text);
    memcpy(e->text, text, t.len + 1);
}

/* ---- from step to step ---- */

/* The answer of the step under way is taken. False with the error in the reply; *last: it was the last one. */
static bool llmfi_steps_take(llmfi_call *c, bool *last) {
#if LLMF_HAS_RUN
    if (llmfi_is_run(c)) {
        bool ok = llmfi_run_take(c);
        *last = !llmfi_run_more(c);
        return ok;
    }
#endif
#if LLMF_HAS_PROMPTS
    *last = c->steps->now + 1 >= c->steps->count;
    return llmfi_step_take(c, *last);
#else
    return false;
#endif
}

/* Some step has been under way: an error is of one. */
static bool llmfi_steps_begun(const llmfi_call *c) {
#if LLMF_HAS_PROMPTS
    if (!llmfi_is_run(c)) return c->steps->count != 0;
#endif
    return c->prepared != NULL;
}

/* A step before the last has ended well: what a call's end does, without ending it. */
static void llmfi_step_close(llmfi_call *c) {
    llmfi_settle(c);
    llmfi_budget_settle(c, c->response.cost_pico);
#if LLMF_HAS_CACHE
    if (c->cache) llmfi_cache_keep(c);
    llmfi_cache_leave(c);
    c->cache = NULL; /* the next step asks for something else */
#endif
#if LLMFI_HAS_HEALTH
    if (!c->response.cached) llmfi_health_good(c);
#endif
    llmfi_seen_attempt(c, LLMF_OK);
#if LLMF_HAS_CONFIG
    llmfi_warn_window(c);
#endif
    llmfi_step_count(c);
#if LLMF_HAS_FILTERS
    if (!llmfi_is_run(c)) llmfi_filters_free(c); /* its events have yet to be taken */
#endif
    c->steps->due = c->f->deferred = true;
    llmfi_set_deadline(c);
    llmfi_hand_out(c);
}

#if LLMFI_HAS_JSON_STEPS
/* A provider that is given the schema, and says of the request that it is bad, may mean the schema: the same is asked in words, once. */
static bool llmfi_structured_refused(llmfi_call *c) {
    struct llmfi_steps *s = c->steps;
    struct llmfi_structured *j = s->json;
    llmf_str why = llmfi_cstr(c->reply.error.text);
    if (c->reply.error.code != LLMF_ERR_BAD_REQUEST || !j->may_refuse || !s->count || s->now || !c->reply.status || c->reply.content || c->stop || c->free_later) return false;
    j->native = false;
    j->refused = true;
    if (!llmfi_structured_again(c, llmfi_str("", 0), why, false)) return llmfi_error_memory(&c->reply.error);
    llmfi_seen_attempt(c, c->reply.error.code);
    llmfi_settle(c);
    llmfi_budget_settle(c, LLMF_UNKNOWN);
#if LLMF_HAS_CACHE
    llmfi_cache_leave(c);
    c->cache = NULL;
#endif
    llmfi_step_count(c);
#if LLMF_HAS_FILTERS
    llmfi_filters_free(c);
#endif
    llmfi_error_clear(&c->reply.error);
    s->due = c->f->deferred = true;
    llmfi_set_deadline(c);
    llmfi_hand_out(c);
    return true;
}
#endif

/* A step is over, however it ended, and will not be repeated. True: the call goes on. */
static bool llmfi_steps_over(llmfi_call *c) {
    struct llmfi_steps *s = c->steps;
    bool last = true;
    llmfi_give_back_decoder(c);
    if (!s->due) {
#if LLMF_HAS_FILTERS
        if (llmfi_is_filtered(c)) llmfi_filters_end(c);
#endif
#if LLMFI_HAS_JSON_STEPS
        if (s->json && llmfi_structured_refused(c)) return true;
        if (s->json && c->reply.error.code == LLMF_OK && llmfi_structured_over(c)) {
            llmfi_step_close(c);
            return true;
        }
#endif
        if (!llmfi_structured_of(c) && c->reply.error.code == LLMF_OK && llmfi_steps_take(c, &last) && !last) {
            llmfi_step_close(c);
            return true;
        }
    }
#if LLMF_HAS_RUN
    if (llmfi_is_run(c)) llmfi_run_over(c);
#endif
    if (c->reply.error.code != LLMF_OK && llmfi_steps_begun(c) && !llmfi_structured_of(c)) llmfi_step_failed(s, s->now + (s->due && !llmfi_is_run(c)), &c->reply.error);
    return false;
}

#if LLMF_HAS_PROMPTS
static bool llmfi_chain_build(llmfi_call *c) {
    struct llmfi_steps *s = c->steps;
    const llmfi_step *step = &s->at[s->now];
    bool last = s->now + 1 == s->count;
    llmfi_scope scope;
    memset(&scope, 0, sizeof scope);
    scope.outputs = s->outputs;
    scope.output_count = s->now;
    scope.vars = s->vars;
    scope.var_count = s->var_count;
    step->prepared->references++;
    llmfi_prepared_release(&c->f->heap, c->prepared);
    c->prepared = step->prepared;
#if LLMF_HAS_ROUTES
    c->route = step->route;
#endif
#if LLMFI_HAS_HEALTH
    if (!c->prepared->health) c->prepared->health = llmfi_health_of(c->f, &c->prepared->record);
#endif
    c->req = step->request;
    c->reply.provider = c->prepared->record.provider->name;
    llmfi_arena_free(&s->filled);
    llmfi_arena_init(&s->filled, &c->f->heap, 0);
    if (!llmfi_structured_of(c) && !llmfi_render(&scope, step->prompt, &s->filled, false, &c->req, &c->reply.error)) return false; /* a request with a schema has no holes */
    c->req.flags |= LLMF_BORROW; /* all of it lives as long as the step */
    if (!last) c->req.flags &= ~(uint32_t)LLMF_KEEP_RAW;
    if (!last || step->parse != LLMFI_PARSE_TEXT || llmfi_structured_of(c)) c->req.flags &= ~(uint32_t)LLMF_DISCARD_TEXT;
    return llmfi_call_build_on(c);
}
#endif

/* The step under way is built. False with the error in the reply. */
static bool llmfi_steps_build(llmfi_call *c) {
#if LLMF_HAS_RUN
    if (llmfi_is_run(c)) return llmfi_run_build(c);
#endif
#if LLMF_HAS_PROMPTS
    return llmfi_chain_build(c);
#else
    return false;
#endif
}

/* The first step of a chain or run that has just been opened: what the call has by now it keeps. */
static bool llmfi_steps_first(llmfi_call *c) {
#if LLMF_HAS_BUDGETS
    if (!llmfi_held_of(c)) return false; /* it counts for all steps */
#endif
    c->steps->mark = llmfi_arena_mark_of(&c->arena);
    return llmfi_steps_build(c);
}

/* In llmf_poll, outside of all else: on to the next step. */
static void llmfi_steps_next(llmfi_call *c) {
    struct llmfi_steps *s = c->steps;
    llmfi_hand_out(c);
    if (c->stop || c->free_later || c->f->closing) {
        c->f->deferred = true;
        return;
    }
#if LLMF_HAS_RUN
    if (llmfi_is_run(c) && !llmfi_run_work(c)) return;
#endif
    s->due = false;
    s->now++;
#if LLMF_HAS_RETRY
    llmfi_hedge_forget(c);
    llmfi_tries_free(c);
    c->origin = NULL;
    c->hedge_due = false;
#endif
    llmfi_call_clear(c, &s->mark);
    memset(&c->response, 0, sizeof c->response);
    c->moved = false;
    c->attempt_ns = c->f->now_ns;
    if (llmfi_steps_build(c) && llmfi_call_go(c)) llmfi_set_deadline(c);
    else llmfi_finish(c);
}

/* The call is given back. */
static void llmfi_steps_free(llmfi_call *c) {
    struct llmfi_steps *s = c->steps;
#if LLMF_HAS_PROMPTS
    size_t i;
#endif
    if (!s) return;
#if LLMF_HAS_RUN
    if (llmfi_is_run(c)) llmfi_run_free(c);
#endif
#if LLMF_HAS_PROMPTS
    for (i = 0; i < s->count; i++)
        if (s->at[i].prepared) llmfi_prepared_release(&c->f->heap, s->at[i].prepared);
    llmfi_arena_free(&s->filled);
#endif
    llmfi_arena_free(&s->arena);
    llmfi_config_release(s->config);
    llmfi_heap_free(&c->f->heap, s);
    c->steps = NULL;
}

/* A call of steps, which the caller fills; NULL with *err. */
static struct llmfi_steps *llmfi_steps_new(llmfi_call *c, llmf_error *err) {
    struct llmfi_steps *s = (struct llmfi_steps *)llmfi_heap_alloc(&c->f->heap, sizeof *s);
    if (!s) {
        llmfi_error_memory(err);
        return NULL;
    }
    memset(s, 0, sizeof *s);
    c->steps = s;
    llmfi_arena_init(&s->arena, &c->f->heap, 0);
#if LLMF_HAS_PROMPTS
    llmfi_arena_init(&s->filled, &c->f->heap, 0);
    s->name = llmfi_str("", 0);
#endif
    s->config = c->f->config;
    llmfi_config_hold(s->config);
    llmfi_spent_init(&s->spent);
    return s;
}

#else

#define llmfi_steps_hide(c) false
#define llmfi_steps_tell(c) false

#endif
#endif
