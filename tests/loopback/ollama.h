/* ollama.h - Ollama's own API: /api/chat (NDJSON), /api/tags, /api/show, /api/version (ollama docs/api.md, openapi.yaml).
 * It is as tolerant as the real one: unknown members and lonely tool messages pass; what Go cannot decode is 400. */
#ifndef LOOPBACK_OLLAMA_H
#define LOOPBACK_OLLAMA_H
#include "answer.h"

static void ollama_error(exchange *x, int status, const char *param, const char *code, const char *message) {
    (void)param; (void)code;
    start_reply(x, status, "application/json; charset=utf-8");
    say(&x->reply.body, "{\"error\":%q}", message);
}
static int ollama_auth(exchange *x) {                                    /* local: none; with need-auth as ollama.com */
    const char *key = bearer_of(x);
    return !x->b.need_auth || (key && !is_bad_key(key)) || fail(x, 401, NULL, NULL, "unauthorized");
}

/* ---- reading -------------------------------------------------------------------------------------------------- */
static int ollama_call(exchange *x, const json *calls) {
    if (!is_kind(calls, J_ARRAY)) return fail(x, 400, NULL, NULL, "json: cannot unmarshal %s into Go struct field ChatRequest.messages.tool_calls of type []api.ToolCall", "value");
    for (const json *c = calls->first; c; c = c->next) {
        const json *f = json_get(c, "function");
        if (!is_kind(json_get(f, "name"), J_STRING)) return fail(x, 400, NULL, NULL, "tool_calls: a function name is required");
        if (!is_kind(json_get(f, "arguments"), J_OBJECT)) return fail(x, 400, NULL, NULL, "json: cannot unmarshal string into Go struct field .arguments of type map[string]interface {}");
    }
    return 1;
}
static int ollama_message(exchange *x, const json *m, const char *role) {
    const json *content = json_get(m, "content"), *images = json_get(m, "images"), *calls = json_get(m, "tool_calls");
    ask *a = &x->ask;
    int user = !strcmp(role, "user"), tool_role = !strcmp(role, "tool");
    if (!is_null(content) && content->kind != J_STRING) return fail(x, 400, NULL, NULL, "json: cannot unmarshal array into Go struct field ChatRequest.messages.content of type string");
    if (user) a->user.n = 0;
    if (!tool_role) a->result.n = 0;
    a->has_result = tool_role;
    heard(a, user ? &a->user : tool_role ? &a->result : NULL, content);
    for (const json *i = is_kind(images, J_ARRAY) ? images->first : NULL; i; i = i->next) {
        a->images++;
        if (!is_kind(i, J_STRING) || !is_base64(i->s, i->n)) return fail(x, 400, NULL, NULL, "illegal base64 data at input byte 0");
    }
    return is_null(calls) || ollama_call(x, calls);
}
static int ollama_messages(exchange *x) {
    static const char *const roles[] = { "system", "user", "assistant", "tool", NULL };
    const json *all = json_get(x->body, "messages");
    if (!is_null(all) && all->kind != J_ARRAY) return fail(x, 400, NULL, NULL, "json: cannot unmarshal object into Go struct field ChatRequest.messages of type []api.Message");
    for (const json *m = is_null(all) ? NULL : all->first; m; m = m->next) {
        const char *role = json_text(json_get(m, "role"), "");
        if (!is_known(roles, role, strlen(role))) return fail(x, 400, NULL, NULL, "invalid role: %q, must be one of [system, user, assistant, or tool]", role);
        if (!ollama_message(x, m, role)) return 0;
    }
    return 1;
}
static int ollama_tools(exchange *x) {
    const json *all = json_get(x->body, "tools");
    ask *a = &x->ask;
    for (const json *t = is_kind(all, J_ARRAY) ? all->first : NULL; t && a->ntools < MAX_TOOLS; t = t->next) {
        const json *f = json_get(t, "function");
        if (!is_kind(json_get(f, "name"), J_STRING)) return fail(x, 400, NULL, NULL, "tools: a function name is required");
        a->tools[a->ntools].name = json_get(f, "name")->s;
        a->tools[a->ntools++].schema = json_get(f, "parameters");
    }
    return 1;
}
static int ollama_options(exchange *x) {
    const json *o = json_get(x->body, "options"), *most = json_get(o, "num_predict"), *stop = json_get(o, "stop"), *f = json_get(x->body, "format"), *t = json_get(x->body, "think");
    ask *a = &x->ask;
    if (is_kind(most, J_NUMBER) && most->number >= 1 && most->number < 1e9) a->max_tokens = (long)most->number;
    for (const json *s = is_kind(stop, J_ARRAY) ? stop->first : NULL; s; s = s->next) {
        if (!is_kind(s, J_STRING)) return fail(x, 400, NULL, NULL, "option \"stop\" must be of type array of strings");
        if (a->nstops < MAX_STOPS) a->stops[a->nstops++] = s->s;
    }
    if (is_kind(stop, J_STRING)) return fail(x, 400, NULL, NULL, "option \"stop\" must be of type array");
    a->think = is_true(t) || (is_kind(t, J_STRING) && t->n);
    if (is_null(f) || is_text(f, "")) return 1;
    if (!is_text(f, "json") && f->kind != J_OBJECT) return fail(x, 400, NULL, NULL, "invalid format: %v; expected \"json\" or a valid JSON Schema object", f->raw, f->nraw);
    a->want_json = 1;
    a->schema = f->kind == J_OBJECT ? f : NULL;
    return 1;
}
static int ollama_body(exchange *x) {
    const char *why = "it is not an object"; size_t where = 0;
    x->body = json_parse(&x->mem, x->req.body, x->req.nbody, &why, &where);
    if (!is_kind(x->body, J_OBJECT)) return fail(x, 400, NULL, NULL, "invalid JSON: %s at byte %d", why, (long)where);
    const json *model = json_get(x->body, "model");
    if (!is_kind(model, J_STRING) || !model->n) return fail(x, 400, NULL, NULL, "model is required");
    x->ask.model = model->s;
    return !is_missing_model(model->s) || fail(x, 404, NULL, NULL, "model '%s' not found", model->s);
}
static int ollama_read(exchange *x) {
    if (!ollama_body(x)) return 0;
    const json *s = json_get(x->body, "stream");
    x->ask.stream = is_null(s) || is_true(s);                            /* it streams unless told not to */
    x->ask.choices = 1;
    return ollama_messages(x) && ollama_tools(x) && ollama_options(x);
}

/* ---- writing -------------------------------------------------------------------------------------------------- */
static void ollama_calls(exchange *x, buf *o) {
    const answer *w = &x->answer;
    for (int i = 0; i < w->ncalls; i++) {
        size_t n; const char *args = call_object(x, &w->calls[i], &n);
        say(o, "%s{\"id\":\"call_%v\",\"function\":{\"index\":%d,\"name\":%q,\"arguments\":%v}}", i ? "," : ",\"tool_calls\":[", w->calls[i].id, (size_t)8, (long)i, w->calls[i].name, args, n);
    }
    if (w->ncalls) put_char(o, ']');
}
static void ollama_head(exchange *x) {
    say(&x->reply.body, "{\"model\":%q,\"created_at\":\"2026-11-20T12:00:00.%s%dZ\",\"message\":{\"role\":\"assistant\"", x->ask.model, "12345", 1000L + x->reply.nmarks % 9000);
}
static void ollama_last(exchange *x) {
    const answer *w = &x->answer;
    const char *reason = x->b.finish[0] ? x->b.finish : w->finish == FINISH_LENGTH ? "length" : "stop";
    say(&x->reply.body, "},\"done\":true,\"done_reason\":%q,\"total_duration\":4883583458,\"load_duration\":1334875", reason);
    if (w->cached < w->in) say(&x->reply.body, ",\"prompt_eval_count\":%d", w->in);     /* missing when all of the prompt was cached */
    say(&x->reply.body, ",\"prompt_eval_duration\":342546000,\"eval_count\":%d,\"eval_duration\":4535599000}\n", w->out);
}
static void ollama_unary(exchange *x) {
    const answer *w = &x->answer;
    const buf *t = &w->text.text, *r = &w->reasoning.text;
    start_reply(x, 200, "application/json; charset=utf-8");
    ollama_head(x);
    say(&x->reply.body, ",\"content\":%j", t->n ? t->p : "", t->n);
    if (r->n) say(&x->reply.body, ",\"thinking\":%j", r->p, r->n);
    ollama_calls(x, &x->reply.body);
    ollama_last(x);
}
static void ollama_line(exchange *x, const char *f, const char *s, size_t n) {
    ollama_head(x);
    say(&x->reply.body, f, s, n);
    put_text(&x->reply.body, "},\"done\":false}\n");
    event_end(x);
}
static void ollama_stream(exchange *x) {
    const answer *w = &x->answer;
    const pieces *r = &w->reasoning, *t = &w->text;
    for (int i = 0; i < r->n; i++) { size_t n; const char *s = piece(r, i, &n); ollama_line(x, ",\"content\":\"\",\"thinking\":%j", s, n); }
    for (int i = 0; i <= t->n; i++) {
        if (mid_stream(x, i == t->n && i < 2 ? 2 : i)) return;
        if (i < t->n) { size_t n; const char *s = piece(t, i, &n); ollama_line(x, ",\"content\":%j", s, n); }
    }
    if (w->ncalls) {
        buf c = { 0 };
        ollama_calls(x, &c);
        ollama_line(x, ",\"content\":\"\"%v", c.p, c.n);
        buf_free(&c);
    }
    if (x->b.no_terminal || x->b.no_done) return;
    ollama_head(x);
    put_text(&x->reply.body, ",\"content\":\"\"");
    ollama_last(x);
    event_end(x);
}
static void ollama_stream_error(exchange *x) {
    put_text(&x->reply.body, "{\"error\":\"an error was encountered while running the model\"}\n");
    event_end(x);
}
static const dialect ollama_dialect = { "ollama", "application/x-ndjson", ollama_auth, ollama_read, ollama_unary, ollama_stream, ollama_stream_error, ollama_error };

#define OLLAMA_DETAILS "{\"parent_model\":\"\",\"format\":\"gguf\",\"family\":\"llama\",\"families\":[\"llama\"],\"parameter_size\":\"3.2B\",\"quantization_level\":\"Q4_K_M\"}"
static void ollama_tags(exchange *x) {
    start_reply(x, 200, "application/json; charset=utf-8");
    put_text(&x->reply.body, "{\"models\":[{\"name\":\"llama3.2:latest\",\"model\":\"llama3.2:latest\",\"modified_at\":\"2026-11-01T10:00:00.5+01:00\",\"size\":2019393189,"
        "\"digest\":\"a80c4f17acd55265feec403c7aef86be0c25983ab279d83f3bcd3abbcb5b8b72\",\"details\":" OLLAMA_DETAILS "}]}");
}
static void ollama_show(exchange *x) {
    if (!ollama_body(x)) return;
    start_reply(x, 200, "application/json; charset=utf-8");
    put_text(&x->reply.body, "{\"parameters\":\"stop \\\"<|eot_id|>\\\"\",\"template\":\"{{ .Prompt }}\",\"details\":" OLLAMA_DETAILS ",\"model_info\":{\"general.architecture\":\"llama\","
        "\"general.parameter_count\":3212749888,\"llama.context_length\":131072,\"llama.embedding_length\":3072},\"capabilities\":[\"completion\",\"tools\",\"vision\",\"thinking\"]}");
}
static void ollama_version(exchange *x) {
    start_reply(x, 200, "application/json; charset=utf-8");
    put_text(&x->reply.body, "{\"version\":\"0.13.0\"}");
}
#endif
