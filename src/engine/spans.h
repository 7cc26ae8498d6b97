/* What a call has been, told to llmf_desc.span in the words of OpenTelemetry's conventions for generative AI; and the places of a call's life at which it is
   counted and told of. Neither a prompt nor an answer nor a key is in it. */
#ifndef LLMFI_ENGINE_SPANS_H
#define LLMFI_ENGINE_SPANS_H
#include "../wire/url.h"
#include "metrics.h"
#include "trace.h"

#if LLMF_HAS_METRICS

enum { LLMFI_MOST_ATTRIBUTES = 24 };

/* Where the conventions have another word for a provider. */
static const char *const llmfi_genai_names[][2] = {
    {"openai_responses", "openai"},     {"gemini", "gcp.gemini"},    {"vertex", "gcp.vertex_ai"}, {"azure", "azure.ai.openai"},
    {"bedrock", "aws.bedrock"},         {"bedrock_mantle", "aws.bedrock"}, {"mistral", "mistral_ai"},   {"xai", "x_ai"}
};

typedef struct llmfi_telling {
    llmf_span span;
    llmf_attribute at[LLMFI_MOST_ATTRIBUTES];
    char name[192];
} llmfi_telling;

/* ---- attributes ---- */

static llmf_attribute *llmfi_span_add(llmfi_telling *s, const char *name, int type) {
    llmf_attribute *a = &s->at[s->span.attribute_count++];
    memset(a, 0, sizeof *a);
    a->name = name;
    a->type = type;
    a->text = llmfi_str("", 0);
    return a;
}

static void llmfi_span_text(llmfi_telling *s, const char *name, llmf_str value) {
    if (value.len) llmfi_span_add(s, name, LLMF_ATTRIBUTE_TEXT)->text = value;
}

/* Below 0: not known. */
static void llmfi_span_int(llmfi_telling *s, const char *name, int64_t value) {
    if (value >= 0) llmfi_span_add(s, name, LLMF_ATTRIBUTE_INT)->integer = value;
}

/* 0: not set; LLMF_ZERO: 0. */
static void llmfi_span_double(llmfi_telling *s, const char *name, double value) {
    if (value != 0) llmfi_span_add(s, name, LLMF_ATTRIBUTE_DOUBLE)->number = value == LLMF_ZERO ? 0 : value;
}

static llmf_str llmfi_genai_provider(llmf_str name) {
    size_t i;
    for (i = 0; i < LLMFI_COUNT(llmfi_genai_names); i++)
        if (llmfi_eq(name, llmfi_cstr(llmfi_genai_names[i][0]))) return llmfi_cstr(llmfi_genai_names[i][1]);
    return name;
}

static llmf_str llmfi_span_model(const llmfi_call *c) {
    return !c->prepared ? llmfi_str("", 0) : c->ask.model ? c->ask.model->model_id : c->prepared->record.s.model_id;
}

static void llmfi_span_asked(llmfi_telling *s, const llmfi_call *c, llmf_str operation) {
    const llmf_request *r = &c->req;
    llmfi_span_text(s, "gen_ai.operation.name", operation);
    if (c->prepared) llmfi_span_text(s, "gen_ai.provider.name", llmfi_genai_provider(c->prepared->record.provider->name));
    llmfi_span_text(s, "gen_ai.request.model", llmfi_span_model(c));
    if (r->max_tokens > 0) llmfi_span_int(s, "gen_ai.request.max_tokens", r->max_tokens);
    llmfi_span_double(s, "gen_ai.request.temperature", r->temperature);
    llmfi_span_double(s, "gen_ai.request.top_p", r->top_p);
    if (r->use_seed) llmfi_span_add(s, "gen_ai.request.seed", LLMF_ATTRIBUTE_INT)->integer = r->seed;
}

/* The host that was asked, or would have been. */
static void llmfi_span_server(llmfi_telling *s, const llmfi_call *c) {
    llmf_str text = c->x.req.url.len ? c->x.req.url : c->ask.model ? c->ask.model->base_url : llmfi_str("", 0);
    llmfi_url url;
    llmfi_url_error bad;
    if (!text.len || !llmfi_url_parse(text, &url, &bad)) return;
    llmfi_span_text(s, "server.address", url.host);
    if (url.port) llmfi_span_int(s, "server.port", url.port);
}

static void llmfi_span_came(llmfi_telling *s, const llmfi_call *c) {
    const llmfi_reply *r = &c->reply;
    llmfi_span_text(s, "gen_ai.response.id", r->request_id);
    llmfi_span_text(s, "gen_ai.response.model", r->model_used);
    if (r->finish && !c->req.op) llmfi_span_add(s, "gen_ai.response.finish_reasons", LLMF_ATTRIBUTE_LIST)->text = llmfi_cstr(llmf_finish_name(r->finish));
    if (r->status) llmfi_span_int(s, "http.response.status_code", r->status);
}

static void llmfi_span_usage(llmfi_telling *s, const llmf_usage *u) {
    llmfi_span_int(s, "gen_ai.usage.input_tokens", u->input);
    llmfi_span_int(s, "gen_ai.usage.output_tokens", u->output);
    llmfi_span_int(s, "gen_ai.usage.cache_read.input_tokens", u->cache_read);
    llmfi_span_int(s, "gen_ai.usage.cache_creation.input_tokens", u->cache_write);
    llmfi_span_int(s, "gen_ai.usage.reasoning.output_tokens", u->reasoning);
}

/* ---- the span ---- */

/* Where it stands in its trace. */
static void llmfi_span_place(llmfi_telling *s, llmfi_call *c, const llmfi_trace *t, bool attempt) {
    unsigned char id[8];
    llmfi_hex_lower(s->span.trace_id, t->trace, sizeof t->trace);
    if (attempt) llmfi_trace_id(c, id, sizeof id);
    llmfi_hex_lower(s->span.span_id, attempt ? id : t->span, sizeof id);
    if (attempt || !llmfi_all_zero(t->parent, sizeof t->parent)) llmfi_hex_lower(s->span.parent_id, attempt ? t->span : t->parent, sizeof id);
    s->span.flags = t->flags;
}

/* Nanoseconds since 1970 of a moment of the clock: the wall's clock was read once, when the call began. */
static uint64_t llmfi_span_time(const llmfi_call *root, uint64_t ns) {
    return (uint64_t)root->trace->wall_ms * LLMFI_MS + (ns > root->start_ns ? ns - root->start_ns : 0);
}

#if LLMFI_HAS_STEPS
static const llmf_usage *llmfi_steps_usage(const llmfi_call *c);
#endif

/* A chain's or run's is that of all its steps, as far as they have ended. */
static const llmf_usage *llmfi_usage_of(const llmfi_call *c) {
#if LLMFI_HAS_STEPS
    if (c->steps) return llmfi_steps_usage(c);
#endif
    return &c->reply.usage;
}

/* attempt 0: of the call itself. c is the call, or the one of a batch that is an attempt of it. */
static LLMFI_COLD void llmfi_span_tell(llmfi_call *c, int attempt, int code) {
    llmfi_call *root = llmfi_seen_call(c);
    llmf_str operation = llmfi_cstr(llmfi_word_at(llmfi_operation_words, c->req.op >= 0 && c->req.op < LLMFI_OPERATIONS ? c->req.op : LLMFI_OPERATIONS - 1));
    bool calling = root->calling;
    llmfi_telling s;
    llmfi_text t = llmfi_text_in(s.name, sizeof s.name);
    if (!root->trace) return; /* no memory: its error says so */
    memset(&s.span, 0, sizeof s.span);
    llmfi_say(&t, operation);
    if (llmfi_span_model(c).len) llmfi_say_c(&t, " ");
    llmfi_say(&t, llmfi_span_model(c));
    s.span.name = llmfi_str(s.name, t.len);
    s.span.call.id = root->id;
    s.span.attempt = attempt;
    s.span.result = code;
    s.span.attributes = s.at;
    llmfi_span_place(&s, c, root->trace, attempt != 0);
    s.span.start_ns = llmfi_span_time(root, !attempt || c != root ? c->start_ns : root->trace->attempt_ns);
    s.span.end_ns = llmfi_span_time(root, c->end_ns ? c->end_ns : c->f->now_ns);
    llmfi_span_asked(&s, c, operation);
    llmfi_span_server(&s, c);
    llmfi_span_came(&s, c);
    if (code != LLMF_OK) llmfi_span_text(&s, "error.type", llmfi_cstr(llmf_result_name(code)));
    if (!attempt) llmfi_span_usage(&s, llmfi_usage_of(c));
    root->calling = true; /* whatever is asked for this call in the hook comes behind it */
    c->f->desc.span(c->f->desc.user, &s.span);
    root->calling = calling;
}

/* ---- the places where calls are looked at ---- */

/* llmf_start is about to return. */
static void llmfi_seen_start(llmfi_call *c) {
    if (c->f->desc.metrics && c->attempting) llmfi_metrics_start(c);
}

/* The request that was given to the transport last has come to an end: at the end of a call, and where it is to be asked again, before its reply is cleared and
   another model takes the place of this one. */
static void llmfi_seen_attempt(llmfi_call *c, int code) {
    llmfi_call *root = llmfi_seen_call(c);
    if (!c->attempting) return;
    c->attempting = false;
    if (c->f->desc.metrics) llmfi_metrics_attempt(c, code);
    if (c->f->desc.span && root->trace) llmfi_span_tell(c, ++root->trace->attempts, code);
}

static void llmfi_seen_told(llmfi_call *c, int code) {
    bool whole = llmfi_seen_call(c) == c; /* not only an attempt of another one */
    if (!c->end_ns) c->end_ns = llmfi_net_now(&c->f->net);
    if (whole && c->f->desc.metrics) llmfi_metrics_call(c, code);
    llmfi_seen_attempt(c, code);
    if (whole && c->f->desc.span) llmfi_span_tell(c, 0, code);
}

/* A call has ended, or is given back before it has. */
static void llmfi_seen_end(llmfi_call *c, int code) {
    if (c->f->desc.metrics || c->f->desc.span) llmfi_seen_told(c, code);
}

#else

#define llmfi_seen_start(c) ((void)(c))
#define llmfi_seen_attempt(c, code) ((void)(c), (void)(code))
#define llmfi_seen_end(c, code) ((void)(c), (void)(code))
#define llmfi_metrics_retry(c) ((void)(c))
#define llmfi_metrics_fallback(f, from, to, cause) ((void)(f), (void)(from), (void)(to), (void)(cause))
#define llmfi_metrics_cache(c, hit) ((void)(c), (void)(hit))

#endif
#endif
