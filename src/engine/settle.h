/* From what came to what it means: cost, response, final error. */
#ifndef LLMFI_ENGINE_SETTLE_H
#define LLMFI_ENGINE_SETTLE_H
#include "core.h"

#if LLMF_HAS_MODELS || LLMF_HAS_CONFIG || LLMF_HAS_BUDGETS || LLMF_HAS_ROUTES

/* tokens * price added to *sum; false where a part is unknown or the product does not fit. */
static bool llmfi_cost_add(int64_t *sum, int64_t tokens, int64_t price) {
    if (tokens == 0) return true;
    if (tokens < 0 || price < 0) return false;
    if (price && tokens > INT64_MAX / price) return false;
    if (tokens * price > INT64_MAX - *sum) return false;
    *sum += tokens * price;
    return true;
}

/* Pico-dollars, exact, or LLMF_UNKNOWN: a price or a count that is not known is not 0. */
LLMFI_UNUSED static int64_t llmfi_cost(const llmfi_price *p, const llmf_usage *u) {
    int64_t sum = 0, read = u->cache_read > 0 ? u->cache_read : 0, write = u->cache_write > 0 ? u->cache_write : 0;
    int64_t plain = u->input - read - write;
    if (u->input < 0 || u->output < 0) return LLMF_UNKNOWN;
    if (!llmfi_cost_add(&sum, plain < 0 ? 0 : plain, p->input) || !llmfi_cost_add(&sum, read, p->cache_read) ||
        !llmfi_cost_add(&sum, write, p->cache_write) || !llmfi_cost_add(&sum, u->output, p->output))
        return LLMF_UNKNOWN;
    return sum;
}

/* The prices of a call with that many input tokens; below 0: not known how many. */
static llmfi_price llmfi_call_price(const llmfi_call *c, int64_t input_tokens) {
    llmfi_price price = llmfi_record_price(&c->prepared->record, input_tokens);
#if LLMF_HAS_EMBED
    if (c->req.op == LLMF_OP_EMBED && c->reply.job && !llmfi_eq(c->ask.model->model_id, c->prepared->record.s.model_id)) { /* the model beside it */
        int at = c->prepared->record.provider->row;
        const llmfi_model_row *row = at < 0 ? NULL : llmfi_find_model_row(at, c->ask.model->model_id);
        price.input = price.cache_read = price.cache_write = row ? row->input : LLMF_UNKNOWN;
    }
#endif
    return price;
}

static int64_t llmfi_call_cost(const llmfi_call *c) {
    llmf_usage usage = c->reply.usage;
    llmfi_price price = llmfi_call_price(c, usage.input);
    if (c->req.op == LLMF_OP_EMBED && usage.output < 0) usage.output = 0; /* it has none */
    return llmfi_cost(&price, &usage);
}

#else

/* Nothing in this build knows a price. */
static int64_t llmfi_call_cost(const llmfi_call *c) {
    (void)c;
    return LLMF_UNKNOWN;
}

#endif

/* ---- of several requests together ---- */

#if LLMFI_HAS_STEPS || LLMF_HAS_BATCH

/* What requests have taken. Unlike llmfi_reply_sum: what is not known of one is not known of all. */
typedef struct llmfi_spent {
    bool paid;                               /* something has been counted */
    bool cached;                             /* all so far were kept answers */
    llmf_usage usage;
    int64_t cost;
} llmfi_spent;

static void llmfi_spent_init(llmfi_spent *s) {
    s->paid = s->cached = false;
    s->usage.input = s->usage.cache_read = s->usage.cache_write = s->usage.output = s->usage.reasoning = s->cost = LLMF_UNKNOWN;
}

static void llmfi_spent_sum(int64_t *sum, int64_t more) {
    *sum = *sum < 0 || more < 0 || *sum > INT64_MAX - more ? LLMF_UNKNOWN : *sum + more;
}

/* The call is settled. One that failed before its first content, and says nothing of tokens, has used none. */
static void llmfi_spent_add(llmfi_spent *s, const llmfi_call *c) {
    const llmf_response *r = &c->response;
    const llmf_usage *u = &r->usage;
    if (r->error.code != LLMF_OK && !c->reply.content && u->input < 0 && u->output < 0) return;
    if (!s->paid) {
        memset(&s->usage, 0, sizeof s->usage);
        s->cost = 0;
    }
    s->cached = (s->cached || !s->paid) && r->cached;
    s->paid = true;
    llmfi_spent_sum(&s->usage.input, u->input);
    llmfi_spent_sum(&s->usage.cache_read, u->cache_read);
    llmfi_spent_sum(&s->usage.cache_write, u->cache_write);
    llmfi_spent_sum(&s->usage.output, u->output);
    llmfi_spent_sum(&s->usage.reasoning, u->reasoning);
    llmfi_spent_sum(&s->cost, r->cost_pico);
}

#endif

#if LLMF_HAS_MODELS && LLMF_HAS_STRINGS
/* A provider that does not find a model which the table knows the end of: that will be why. */
static LLMFI_COLD void llmfi_settle_ended(llmfi_call *c) {
    const llmfi_record *r = &c->prepared->record;
    llmf_error *e = &c->reply.error;
    llmfi_text t;
    t.ptr = e->text;
    t.cap = sizeof e->text;
    t.len = llmfi_strlen(e->text);
    t.gap = false;
    LLMFI_SAY(&t, "; the table of models has it end on ");
    llmfi_say_day(&t, r->ends);
    if (!r->provider->default_model.len || llmfi_eq(r->provider->default_model, r->s.model_id)) return;
    LLMFI_SAY(&t, ": take another one, such as ");
    llmfi_say(&t, r->provider->default_model);
}
#endif

#if LLMF_HAS_RETRY
static bool llmfi_settle_tries(llmfi_call *c);
#endif

/* Fills c->response; c->reply.error is what the call ended with. */
LLMFI_UNUSED static void llmfi_settle(llmfi_call *c) {
    llmf_response *r = &c->response;
    llmfi_reply *reply = &c->reply, *shown = llmfi_shown(c);
    r->call.id = c->id;
    if (c->prepared) {
        r->provider = c->prepared->record.provider->name;
        r->model = c->prepared->record.s.name;
    }
    r->model_used = reply->model_used;
    r->request_id = reply->request_id;
    r->text = r->reasoning = r->refusal = llmfi_str("", 0);
    if (!shown->discard) { /* else what is still there are events not yet taken */
        r->text = llmfi_reply_text_of(&shown->text);
        r->reasoning = llmfi_reply_text_of(&shown->reasoning);
        r->refusal = llmfi_reply_text_of(&shown->refusal);
    }
    r->state = llmfi_reply_text_of(&reply->state);
    r->raw = llmfi_reply_text_of(&c->raw);
    r->tool_calls = reply->calls;
    r->tool_call_count = reply->call_count;
    r->citations = (const llmf_citation *)(const void *)reply->citations.ptr;
    r->citation_count = reply->citations.len / sizeof(llmf_citation);
    r->finish = reply->finish;
    r->finish_raw = reply->finish_raw;
    r->usage = reply->usage;
    r->cost_pico = c->prepared ? llmfi_call_cost(c) : LLMF_UNKNOWN;
#if LLMF_HAS_JOBS
    if (c->bulk == LLMFI_BULK_IS_HALF && r->cost_pico > 0) r->cost_pico -= r->cost_pico / 2;
#endif
    r->latency_ms = llmfi_between_ms(c->start_ns, c->end_ns);
    r->first_token_ms = llmfi_between_ms(c->start_ns, c->first_content_ns);
#if LLMF_HAS_MODELS && LLMF_HAS_STRINGS
    if (reply->error.code == LLMF_ERR_NOT_FOUND && c->prepared && c->prepared->record.ends) llmfi_settle_ended(c);
#endif
    r->error = reply->error;
    r->error.http_status = reply->status;
#if LLMFI_HAS_OPS
    if (reply->job) {
        llmfi_job_settle(reply->job, reply);
        r->output = &reply->job->output;
        r->finish = LLMF_FINISH_NONE;
    }
#endif
    if (c->retry_after_ms >= 0) r->error.retry_after_ms = c->retry_after_ms; /* the header counts before what an error's body says */
#if LLMF_HAS_RETRY
    if (llmfi_settle_tries(c)) return;
#endif
    memset(&c->wire.attempt, 0, sizeof c->wire.attempt); /* the decoder has been given back */
    c->wire.attempt.provider = r->provider;
    c->wire.attempt.model = r->model;
    c->wire.attempt.error = r->error.code;
    c->wire.attempt.http_status = r->error.http_status;
    c->wire.attempt.latency_ms = r->latency_ms;
    r->attempts = &c->wire.attempt;
    r->attempt_count = c->start_ns ? 1 : 0;
    r->attempt_total = (int64_t)r->attempt_count;
#if LLMF_HAS_CACHE
    if (r->cached) r->cost_pico = (int64_t)(r->attempt_count = 0); /* nothing was sent */
#endif
}

#endif
