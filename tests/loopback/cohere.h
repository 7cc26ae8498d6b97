/* cohere.h - Cohere's chat, version 2 (Cohere API reference: Chat, Chat with Streaming; cohere-ai 8.1.0): what it checks, answers and streams.
 * What was thought or planned is always the same here, so that what comes back changed is found without keeping any state. */
#ifndef LOOPBACK_COHERE_H
#define LOOPBACK_COHERE_H
#include "chat.h"

static const char cohere_plan[] = "I will use the tools that I was given, one after the other \xe2\x80\x94 \"na\xc3\xafve\" as that is.";

static void cohere_error(exchange *x, int status, const char *param, const char *code, const char *message) {
    (void)param;
    start_reply(x, status, "application/json");
    say(&x->reply.body, "{\"id\":\"00000000-0000-4000-8000-%d\",\"message\":%q", (long)x->number, message);
    if (code) say(&x->reply.body, ",\"error_type\":%q", code);
    put_char(&x->reply.body, '}');
    add_header(x, "x-debug-trace-id: %d", (long)x->number);
}
static int cohere_auth(exchange *x) {
    const char *key = bearer_of(x);
    if (x->b.no_auth && !key) return 1;
    if (!key) return fail(x, 401, NULL, NULL, "no api key supplied");
    return !is_bad_key(key) || fail(x, 401, NULL, NULL, "Incorrect API key provided: ***********. You can find your API key at https://dashboard.cohere.com/api-keys.");
}

/* ---- reading: messages ---------------------------------------------------------------------------------------- */
static int cohere_field(exchange *x, const char *s, size_t n) {
    return fail(x, 422, NULL, NULL, "unknown field: parameter '%v' is not a valid field. For proper usage, please refer to https://docs.cohere.com/reference/chat", s, n);
}
/* the members of an object are known ones */
static int cohere_only(exchange *x, const json *o, const char *const *known) {
    for (const json *m = o ? o->first : NULL; m && !x->b.lax; m = m->next) if (!is_known(known, m->key, m->nkey)) return cohere_field(x, m->key, m->nkey);
    return 1;
}
static int cohere_thought(exchange *x, const json *text) {
    if (!is_kind(text, J_STRING)) return fail(x, 400, NULL, NULL, "invalid request: thinking must be a string");
    return is_text(text, thoughts) || fail(x, 400, NULL, NULL, "invalid request: this thinking is not what was given");
}
static int cohere_part(exchange *x, const json *p, const char *role, buf *to) {
    static const char *const user[] = { "text", "image_url", NULL }, *const assistant[] = { "text", "thinking", NULL }, *const tool_role[] = { "text", "document", NULL },
        *const other[] = { "text", NULL };
    const char *const *types = !strcmp(role, "user") ? user : !strcmp(role, "assistant") ? assistant : !strcmp(role, "tool") ? tool_role : other;
    const char *t = json_text(json_get(p, "type"), "");
    if (!is_known(types, t, strlen(t))) return fail(x, 400, NULL, NULL, "invalid request: content type '%s' is not allowed in a message of role '%s'", t, role);
    if (!strcmp(t, "thinking")) return cohere_thought(x, json_get(p, "thinking"));
    if (!strcmp(t, "image_url")) return chat_image(x, p, 0);
    if (!strcmp(t, "document")) return is_kind(json_get(json_get(p, "document"), "data"), J_OBJECT) || fail(x, 400, NULL, NULL, "invalid request: a document needs data");
    if (!is_kind(json_get(p, "text"), J_STRING)) return fail(x, 400, NULL, NULL, "invalid request: a text content needs text");
    heard(&x->ask, to, json_get(p, "text"));
    return 1;
}
static int cohere_content(exchange *x, const json *m, const char *role, buf *to) {
    const json *c = json_get(m, "content");
    if (is_kind(c, J_STRING)) { heard(&x->ask, to, c); return 1; }
    if (is_null(c) && !strcmp(role, "assistant") && json_get(m, "tool_calls")) return 1;
    if (!is_kind(c, J_ARRAY) || !c->first) return fail(x, 400, NULL, NULL, "invalid request: message of role '%s' must have non-empty content", role);
    for (const json *p = c->first; p; p = p->next) if (!cohere_part(x, p, role, to)) return 0;
    return 1;
}
static int cohere_assistant(exchange *x, const json *m, long i) {
    const json *calls = json_get(m, "tool_calls"), *plan = json_get(m, "tool_plan");
    if (plan && !is_text(plan, cohere_plan)) return fail(x, 400, NULL, NULL, "invalid request: this tool_plan is not what was given");
    if (calls && !chat_calls(x, calls, i)) return 0;
    for (const json *c = calls ? calls->first : NULL; c; c = c->next)
        if (!chat_answered(c, m->next)) return fail(x, 400, NULL, NULL, "invalid request: each tool call must be followed by a tool message with its tool_call_id: %s", json_text(json_get(c, "id"), ""));
    return cohere_content(x, m, "assistant", NULL);
}
static int cohere_messages(exchange *x) {
    static const char *const roles[] = { "system", "user", "assistant", "tool", NULL }, *const members[] = { "role", "content", "tool_calls", "tool_plan", "tool_call_id", "citations", NULL };
    const json *all = json_get(x->body, "messages"), *caller = NULL;
    long i = 0;
    if (!is_kind(all, J_ARRAY) || !all->first) return fail(x, 400, NULL, NULL, "invalid request: list of messages must not be empty");
    for (const json *m = all->first; m; m = m->next, i++) {
        const char *role = json_text(json_get(m, "role"), ""), *id = json_text(json_get(m, "tool_call_id"), NULL);
        int tool_role = !strcmp(role, "tool"), is_user = !strcmp(role, "user");
        if (!is_known(roles, role, strlen(role))) return fail(x, 400, NULL, NULL, "invalid request: invalid role '%s' at 'messages[%d]'", role, i);
        if (!cohere_only(x, m, members)) return 0;
        if (!tool_role) { caller = NULL; x->ask.result.n = 0; }
        x->ask.has_result = tool_role;
        if (is_user) x->ask.user.n = 0;
        if (!strcmp(role, "assistant")) caller = m;
        if (tool_role && (!id || !caller || !chat_was_called(caller, id))) return fail(x, 400, NULL, NULL, "invalid request: tool message at 'messages[%d]' answers no tool call", i);
        if (!(caller == m ? cohere_assistant(x, m, i) : cohere_content(x, m, role, tool_role ? &x->ask.result : is_user ? &x->ask.user : NULL))) return 0;
    }
    return 1;
}

/* ---- reading: the rest ---------------------------------------------------------------------------------------- */
static int cohere_tools(exchange *x) {
    static const char *const outer[] = { "type", "function", NULL }, *const inner[] = { "name", "description", "parameters", NULL };
    const json *all = json_get(x->body, "tools"), *choice = json_get(x->body, "tool_choice");
    int strict = is_true(json_get(x->body, "strict_tools"));
    ask *a = &x->ask;
    if (all && (!is_kind(all, J_ARRAY) || !all->first)) return fail(x, 400, NULL, NULL, "invalid request: tools must not be empty");
    for (const json *t = all ? all->first : NULL; t; t = t->next) {
        const json *f = json_get(t, "function"), *name = json_get(f, "name"), *schema = json_get(f, "parameters"), *required = json_get(schema, "required");
        if (!cohere_only(x, t, outer) || !cohere_only(x, f, inner)) return 0;
        if (!is_text(json_get(t, "type"), "function") || !is_kind(name, J_STRING) || !is_name(name->s, name->n, 64)) return fail(x, 400, NULL, NULL, "invalid request: a tool must be a function with a name");
        if (!is_kind(schema, J_OBJECT) || !is_text(json_get(schema, "type"), "object")) return fail(x, 400, NULL, NULL, "invalid request: parameters of tool '%s' must be a JSON schema of an object", name->s);
        if (strict && !(is_kind(required, J_ARRAY) && required->first)) return fail(x, 400, NULL, NULL, "invalid request: with strict_tools tool '%s' must have at least one required parameter", name->s);
        if (a->ntools == MAX_TOOLS) return fail(x, 400, NULL, NULL, "too many tools for this test server");
        a->tools[a->ntools].name = name->s; a->tools[a->ntools++].schema = schema;
    }
    if (is_null(choice)) return 1;
    if (!is_text(choice, "REQUIRED") && !is_text(choice, "NONE")) return fail(x, 400, NULL, NULL, "invalid request: tool_choice must be one of REQUIRED, NONE");
    if (!a->ntools) return fail(x, 400, NULL, NULL, "invalid request: tool_choice needs tools");
    a->choice = is_text(choice, "NONE") ? CHOICE_NONE : CHOICE_REQUIRED;
    return 1;
}
static int cohere_range(exchange *x, const char *name, double least, double most, int whole) {
    const json *v = json_get(x->body, name);
    if (is_null(v)) return 1;
    if (is_kind(v, J_NUMBER) && (!whole || is_whole(v)) && v->number >= least && v->number <= most) return 1;
    return fail(x, 400, NULL, NULL, "invalid request: %s is out of range", name);
}
static int cohere_sampling(exchange *x) {
    const json *max = json_get(x->body, "max_tokens"), *stops = json_get(x->body, "stop_sequences");
    if (!cohere_range(x, "temperature", 0, 5, 0) || !cohere_range(x, "p", 0.01, 0.99, 0) || !cohere_range(x, "k", 0, 500, 1) || !cohere_range(x, "max_tokens", 1, 1e9, 1) ||
        !cohere_range(x, "seed", -9.3e18, 1.9e19, 1) || !cohere_range(x, "frequency_penalty", 0, 1, 0) || !cohere_range(x, "presence_penalty", 0, 1, 0)) return 0;
    if (!is_null(max)) x->ask.max_tokens = (long)max->number;
    for (const json *s = is_kind(stops, J_ARRAY) ? stops->first : NULL; s; s = s->next) {
        if (!is_kind(s, J_STRING) || x->ask.nstops == 5) return fail(x, 400, NULL, NULL, "invalid request: stop_sequences must be at most 5 strings");
        x->ask.stops[x->ask.nstops++] = s->s;
    }
    return 1;
}
static int cohere_format(exchange *x) {
    static const char *const members[] = { "type", "json_schema", NULL };
    const json *f = json_get(x->body, "response_format"), *schema = json_get(f, "json_schema");
    if (is_null(f) || is_text(json_get(f, "type"), "text")) return 1;
    if (!is_text(json_get(f, "type"), "json_object")) return fail(x, 400, NULL, NULL, "invalid request: response_format.type must be one of text, json_object");
    if (!cohere_only(x, f, members)) return 0;
    if (x->ask.ntools || json_get(x->body, "documents")) return fail(x, 400, NULL, NULL, "invalid request: response_format is not supported together with tools or documents");
    if (schema && !is_kind(schema, J_OBJECT)) return fail(x, 400, NULL, NULL, "invalid request: response_format.json_schema must be a JSON schema");
    x->ask.want_json = 1;
    x->ask.schema = schema;
    return 1;
}
static int cohere_thinking(exchange *x) {
    const json *t = json_get(x->body, "thinking"), *budget = json_get(t, "token_budget");
    if (is_null(t)) return 1;
    if (!is_text(json_get(t, "type"), "enabled") && !is_text(json_get(t, "type"), "disabled")) return fail(x, 400, NULL, NULL, "invalid request: thinking.type must be one of enabled, disabled");
    if (budget && (!is_whole(budget) || budget->number < 1)) return fail(x, 400, NULL, NULL, "invalid request: thinking.token_budget must be a positive integer");
    x->ask.think = is_text(json_get(t, "type"), "enabled");
    return !x->ask.think || !strncmp(x->ask.model, "command-a-plus", 14) || strstr(x->ask.model, "reasoning") || fail(x, 400, NULL, NULL, "invalid request: thinking is not supported by model '%s'", x->ask.model);
}
static int cohere_read(exchange *x) {
    static const char *const known[] = { "model", "messages", "stream", "tools", "tool_choice", "strict_tools", "documents", "citation_options", "response_format", "safety_mode", "max_tokens",
        "stop_sequences", "temperature", "seed", "frequency_penalty", "presence_penalty", "k", "p", "logprobs", "thinking", "priority", NULL };
    const char *why = "it is not an object"; size_t where = 0;
    if (!is_json_type(x)) return fail(x, 415, NULL, NULL, "unsupported content type");
    x->body = json_parse(&x->mem, x->req.body, x->req.nbody, &why, &where);
    if (!is_kind(x->body, J_OBJECT)) return fail(x, 400, NULL, NULL, "invalid json: %s at byte %d", why, (long)where);
    const json *model = json_get(x->body, "model");
    if (!is_kind(model, J_STRING) || !model->n) return fail(x, 400, NULL, NULL, "invalid request: model is required");
    x->ask.model = model->s;
    if (is_missing_model(model->s)) return fail(x, 404, NULL, NULL, "model '%s' not found, make sure the correct model ID was used and that you have access to the model.", model->s);
    x->ask.stream = is_true(json_get(x->body, "stream"));
    x->ask.choices = 1;
    return cohere_only(x, x->body, known) && cohere_sampling(x) && cohere_thinking(x) && cohere_messages(x) && cohere_tools(x) && cohere_format(x);
}

/* ---- writing -------------------------------------------------------------------------------------------------- */
static const char *cohere_finish(const exchange *x) {
    static const char *const names[] = { "COMPLETE", "MAX_TOKENS", "TOOL_CALL", "STOP_SEQUENCE", "COMPLETE" };
    return x->b.finish[0] ? x->b.finish : names[x->answer.finish];
}
static void cohere_headers(exchange *x) {
    add_header(x, "x-debug-trace-id: %d", (long)x->number);
    add_header(x, "num_tokens: %d", x->answer.in + x->answer.out);
}
static void cohere_usage(exchange *x, buf *o) {
    const answer *w = &x->answer;
    long image = 10L * x->ask.images;
    say(o, "{\"billed_units\":{\"input_tokens\":1,\"output_tokens\":1},\"tokens\":{\"input_tokens\":%d,\"output_tokens\":%d", w->in - image, w->out);
    if (image) say(o, ",\"image_tokens\":%d", image);
    if (w->out_reasoning) say(o, ",\"reasoning_tokens\":%d", w->out_reasoning);
    say(o, "},\"cached_tokens\":%d}", w->cached);
}
/* the first document is what everything is known from */
static int cohere_citation(exchange *x, buf *o) {
    const json *all = json_get(x->body, "documents"), *d = is_kind(all, J_ARRAY) ? all->first : NULL, *data = json_get(d, "data");
    if (!d) return 0;
    say(o, "{\"start\":0,\"end\":1,\"text\":\"x\",\"sources\":[{\"type\":\"document\",\"id\":%q,\"document\":%v}],\"type\":\"TEXT_CONTENT\"}", json_text(json_get(d, "id"), "doc:0"),
        is_kind(data, J_OBJECT) ? data->raw : "{}", is_kind(data, J_OBJECT) ? data->nraw : (size_t)2);
    return 1;
}
static void cohere_unary(exchange *x) {
    const answer *w = &x->answer;
    const buf *t = &w->text.text, *r = &w->reasoning.text;
    buf *o = &x->reply.body, cite = { 0 };
    start_reply(x, 200, "application/json");
    cohere_headers(x);
    say(o, "{\"id\":\"00000000-0000-4000-8000-%d\",\"message\":{\"role\":\"assistant\"", (long)x->number);
    if (w->ncalls && !r->n) say(o, ",\"tool_plan\":%j", cohere_plan, sizeof cohere_plan - 1);
    for (int i = 0; i < w->ncalls; i++)
        say(o, "%s{\"id\":\"%s_%s\",\"type\":\"function\",\"function\":{\"name\":%q,\"arguments\":%j}}", i ? "," : ",\"tool_calls\":[", w->calls[i].name, w->calls[i].id, w->calls[i].name,
            w->calls[i].args.p ? w->calls[i].args.p : "", w->calls[i].args.n);
    if (w->ncalls) put_char(o, ']');
    if (r->n) say(o, ",\"content\":[{\"type\":\"thinking\",\"thinking\":%j}", r->p, r->n);
    if (!w->ncalls) say(o, "%s{\"type\":\"text\",\"text\":%j}", r->n ? "," : ",\"content\":[", t->p ? t->p : "", t->n);
    if (r->n || !w->ncalls) put_char(o, ']');
    if (cohere_citation(x, &cite)) say(o, ",\"citations\":[%v]", cite.p, cite.n);
    say(o, "},\"finish_reason\":%q,\"usage\":", cohere_finish(x));
    cohere_usage(x, o);
    put_char(o, '}');
    buf_free(&cite);
}
/* one event; f says its members besides the type */
static void cohere_event(exchange *x, const char *type, const char *f, ...) {
    va_list ap;
    say(&x->reply.body, "event: %s\ndata: {\"type\":%q", type, type);
    va_start(ap, f);
    say_list(&x->reply.body, f, ap);
    va_end(ap);
    put_text(&x->reply.body, "}\n\n");
    event_end(x);
}
#define COHERE_CONTENT ",\"index\":%d,\"delta\":{\"message\":{\"content\":{"
#define COHERE_CALL ",\"index\":%d,\"delta\":{\"message\":{\"tool_calls\":{"
/* a block in its pieces; 0: the stream ends early */
static int cohere_block(exchange *x, const pieces *p, const char *member, long index, int may_end) {
    size_t n; const char *s;
    cohere_event(x, "content-start", COHERE_CONTENT "\"type\":%q,%q:\"\"}}}", index, member, member);
    for (int i = 0; i <= p->n; i++) {
        if (may_end && mid_stream(x, i == p->n && i < 2 ? 2 : i)) return 0;
        if (i == p->n) break;
        s = piece(p, i, &n);
        cohere_event(x, "content-delta", COHERE_CONTENT "%q:%j}}}", index, member, s, n);
    }
    cohere_event(x, "content-end", ",\"index\":%d", index);
    return 1;
}
static void cohere_stream_calls(exchange *x) {
    pieces plan = { { 0, 0, 0, 0 }, NULL, 0 };
    size_t n; const char *s;
    if (!x->answer.reasoning.n) words_of(&plan, cohere_plan, sizeof cohere_plan - 1);
    for (int i = 0; i < plan.n; i++) { s = piece(&plan, i, &n); cohere_event(x, "tool-plan-delta", ",\"delta\":{\"message\":{\"tool_plan\":%j}}", s, n); }
    buf_free(&plan.text); free(plan.end);
    for (int i = 0; i < x->answer.ncalls; i++) {
        const call *c = &x->answer.calls[i];
        pieces p = { { 0, 0, 0, 0 }, NULL, 0 };
        cohere_event(x, "tool-call-start", COHERE_CALL "\"id\":\"%s_%s\",\"type\":\"function\",\"function\":{\"name\":%q,\"arguments\":%j}}}}", (long)i, c->name, c->id, c->name,
            c->args.p ? c->args.p : "", x->b.whole_calls ? c->args.n : (size_t)0);
        if (!x->b.whole_calls) cut_evenly(&p, c->args.p, c->args.n, 5);
        for (int k = 0; k < p.n; k++) { s = piece(&p, k, &n); cohere_event(x, "tool-call-delta", COHERE_CALL "\"function\":{\"arguments\":%j}}}}", (long)i, s, n); }
        cohere_event(x, "tool-call-end", ",\"index\":%d", (long)i);
        buf_free(&p.text); free(p.end);
    }
}
static void cohere_stream(exchange *x) {
    const answer *w = &x->answer;
    buf o = { 0 };
    long index = 0;
    cohere_headers(x);
    cohere_event(x, "message-start", ",\"id\":\"00000000-0000-4000-8000-%d\",\"delta\":{\"message\":{\"role\":\"assistant\",\"content\":[],\"tool_plan\":\"\",\"tool_calls\":[],\"citations\":[]}}", (long)x->number);
    if (w->reasoning.n) cohere_block(x, &w->reasoning, "thinking", index++, 0);
    if (w->ncalls) { if (mid_stream(x, 2)) return; cohere_stream_calls(x); }
    else if (!cohere_block(x, &w->text, "text", index, 1)) return;
    if (cohere_citation(x, &o)) {
        cohere_event(x, "citation-start", ",\"index\":0,\"delta\":{\"message\":{\"citations\":%v}}", o.p, o.n);
        cohere_event(x, "citation-end", ",\"index\":0");
    }
    buf_free(&o);
    if (x->b.no_terminal) return;
    cohere_usage(x, &o);
    cohere_event(x, "message-end", ",\"delta\":{\"finish_reason\":%q,\"usage\":%v}", cohere_finish(x), o.p, o.n);
    buf_free(&o);
    if (x->b.no_done) return;
    put_text(&x->reply.body, "data: [DONE]\n\n");
    event_end(x);
}
static void cohere_stream_error(exchange *x) {
    cohere_event(x, "message-end", ",\"delta\":{\"error\":\"an internal error of the test server\",\"finish_reason\":\"ERROR\",\"usage\":{}}");
    put_text(&x->reply.body, "data: [DONE]\n\n");
    event_end(x);
}
static const dialect cohere_dialect = { "cohere", "text/event-stream", cohere_auth, cohere_read, cohere_unary, cohere_stream, cohere_stream_error, cohere_error };
#endif
