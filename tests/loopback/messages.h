/* messages.h - Anthropic Messages, versions 2023-06-01 and 2026-10-21 (Claude API docs: Messages, Versions, Errors).
 * Thinking blocks are sealed (answer.h): one that is missing, changed, or stands at another place is refused. */
#ifndef LOOPBACK_MESSAGES_H
#define LOOPBACK_MESSAGES_H
#include "answer.h"

/* ---- errors and auth ------------------------------------------------------------------------------------------ */
static const char *messages_error_type(int status) {
    static const struct { int status; const char *type; } rows[] = { { 400, "invalid_request_error" }, { 401, "authentication_error" }, { 402, "billing_error" },
        { 403, "permission_error" }, { 404, "not_found_error" }, { 413, "request_too_large" }, { 429, "rate_limit_error" }, { 504, "timeout_error" }, { 529, "overloaded_error" } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) if (rows[i].status == status) return rows[i].type;
    return status >= 500 ? "api_error" : "invalid_request_error";
}
static void messages_error(exchange *x, int status, const char *param, const char *code, const char *message) {
    (void)param;                                                         /* the message names it, as the provider's do */
    start_reply(x, status, "application/json");
    say(&x->reply.body, "{\"type\":\"error\",\"error\":{\"type\":%q,\"message\":%q},\"request_id\":\"req_loopback%d\"}", code ? code : messages_error_type(status), message, (long)x->number);
    add_header(x, "request-id: req_loopback%d", (long)x->number);
    add_header(x, "x-should-retry: %s", status == 408 || status == 409 || status == 429 || status >= 500 ? "true" : "false");
}
static int messages_auth(exchange *x) {
    const char *key = header(&x->req, "x-api-key"), *version = header(&x->req, "anthropic-version");
    if (!key) key = bearer_of(x);                                        /* of both, x-api-key counts */
    if (!key || !*key) { if (!x->b.no_auth) return fail(x, 401, NULL, NULL, "x-api-key header is required"); }
    else if (is_bad_key(key)) return fail(x, 401, NULL, NULL, "invalid x-api-key");
    if (!version) return fail(x, 400, NULL, NULL, "anthropic-version: header is required");
    if (strcmp(version, "2023-06-01") && strcmp(version, "2026-10-21")) return fail(x, 400, NULL, NULL, "anthropic-version: \"%s\" is not a valid version", version);
    return 1;
}
static int messages_is_new(const exchange *x) { return !strcmp(header(&x->req, "anthropic-version"), "2026-10-21"); }

/* ---- reading: content blocks ---------------------------------------------------------------------------------- */
typedef struct { const json *m; const char *role; long i; int budget; const json *before; } turn; /* budget: a turn that goes on with a budget; before: the message before */

#define MESSAGES_CALL "toolu_"
/* what a block is sealed with: the id of the next call behind it */
static const char *messages_next_call(const json *b) {
    for (b = b->next; b; b = b->next) if (is_text(json_get(b, "type"), "tool_use")) return json_text(json_get(b, "id"), "");
    return MESSAGES_CALL;
}

static int messages_image(exchange *x, const json *b, const turn *t, long k) {
    static const char *const types[] = { "image/jpeg", "image/png", "image/gif", "image/webp", NULL };
    const json *source = json_get(b, "source"), *data = json_get(source, "data");
    const char *media = json_text(json_get(source, "media_type"), "");
    x->ask.images++;
    if (is_text(json_get(source, "type"), "url") || is_text(json_get(source, "type"), "file")) return 1;
    if (!is_text(json_get(source, "type"), "base64")) return fail(x, 400, NULL, NULL, "messages.%d.content.%d.image.source: Field required", t->i, k);
    if (!is_known(types, media, strlen(media))) return fail(x, 400, NULL, NULL, "messages.%d.content.%d.image.source.base64.media_type: Input should be 'image/jpeg', 'image/png', 'image/gif' or 'image/webp'", t->i, k);
    return (is_kind(data, J_STRING) && is_base64(data->s, data->n)) || fail(x, 400, NULL, NULL, "messages.%d.content.%d.image.source.base64: invalid base64 data", t->i, k);
}
static int messages_thinking(exchange *x, const json *b, const turn *t, long k) {
    const json *text = json_get(b, "thinking"), *signature = json_get(b, "signature");
    char right[80];
    if (!is_kind(text, J_STRING)) return fail(x, 400, NULL, NULL, "messages.%d.content.%d.thinking.thinking: Field required", t->i, k);
    if (!is_kind(signature, J_STRING)) return fail(x, 400, NULL, NULL, "messages.%d.content.%d.thinking.signature: Field required", t->i, k);
    seal(text->s, text->n, messages_next_call(b), right);
    return is_text(signature, right) || fail(x, 400, NULL, NULL, "messages.%d.content.%d: Invalid `signature` in `thinking` block", t->i, k);
}
static int messages_redacted(exchange *x, const json *b, const turn *t, long k) {
    char right[80];
    seal(thoughts, sizeof thoughts - 1, messages_next_call(b), right);
    return is_text(json_get(b, "data"), right) || fail(x, 400, NULL, NULL, "messages.%d.content.%d: Invalid `data` in `redacted_thinking` block", t->i, k);
}
static int messages_has_block(const json *m, const char *type, const char *member, const char *id) {
    const json *c = json_get(m, "content");
    for (const json *b = is_kind(c, J_ARRAY) ? c->first : NULL; b; b = b->next)
        if (is_text(json_get(b, "type"), type) && (!id || is_text(json_get(b, member), id))) return 1;
    return 0;
}
static int messages_tool_use(exchange *x, const json *b, const turn *t, long k) {
    const json *id = json_get(b, "id"), *input = json_get(b, "input");
    if (!is_kind(id, J_STRING) || !is_kind(json_get(b, "name"), J_STRING)) return fail(x, 400, NULL, NULL, "messages.%d.content.%d.tool_use.id: Field required", t->i, k);
    if (!is_kind(input, J_OBJECT)) return fail(x, 400, NULL, NULL, "messages.%d.content.%d.tool_use.input: Input should be a valid dictionary", t->i, k);
    x->ask.words_in += count_words(input->raw, input->nraw);
    if (messages_has_block(t->m->next, "tool_result", "tool_use_id", id->s)) return 1;
    return fail(x, 400, NULL, NULL, "messages.%d: `tool_use` ids were found without `tool_result` blocks immediately after: %s. Each `tool_use` block must have a "
        "corresponding `tool_result` block in the next message.", t->i, id->s);
}
static int messages_tool_result(exchange *x, const json *b, const turn *t, long k) {
    const json *id = json_get(b, "tool_use_id"), *c = json_get(b, "content");
    if (!is_kind(id, J_STRING)) return fail(x, 400, NULL, NULL, "messages.%d.content.%d.tool_result.tool_use_id: Field required", t->i, k);
    if (!messages_has_block(t->before, "tool_use", "id", id->s))
        return fail(x, 400, NULL, NULL, "messages.%d.content.%d: unexpected `tool_use_id` found in `tool_result` blocks: %s. Each `tool_result` block must have a "
            "corresponding `tool_use` block in the previous message.", t->i, k, id->s);
    x->ask.has_result = 1;
    heard(&x->ask, &x->ask.result, c);
    for (const json *p = is_kind(c, J_ARRAY) ? c->first : NULL; p; p = p->next) {
        if (is_text(json_get(p, "type"), "text")) heard(&x->ask, &x->ask.result, json_get(p, "text"));
        if (is_text(json_get(p, "type"), "image") && !messages_image(x, p, t, k)) return 0;
    }
    return 1;
}
static int messages_text(exchange *x, const json *b, const turn *t, long k) {
    const json *text = json_get(b, "text"), *cited = json_get(b, "citations");
    int user = !strcmp(t->role, "user");
    if (!is_kind(text, J_STRING)) return fail(x, 400, NULL, NULL, "messages.%d.content.%d.text.text: Field required", t->i, k);
    if (!count_words(text->s, text->n)) return fail(x, 400, NULL, NULL, "messages: text content blocks must %s", text->n ? "contain non-whitespace text" : "be non-empty");
    if (user && messages_is_new(x) && is_kind(cited, J_ARRAY) && cited->first) return fail(x, 400, NULL, NULL, "messages.%d.content.%d.text.citations: Extra inputs are not permitted", t->i, k);
    heard(&x->ask, user ? &x->ask.user : NULL, text);
    return 1;
}
static int messages_block(exchange *x, const json *b, const turn *t, long k) {
    const char *type = json_text(json_get(b, "type"), "");
    int user = !strcmp(t->role, "user");
    if (!strcmp(type, "text")) return messages_text(x, b, t, k);
    if (user && !strcmp(type, "image")) return messages_image(x, b, t, k);
    if (user && !strcmp(type, "tool_result")) return messages_tool_result(x, b, t, k);
    if (!user && !strcmp(type, "tool_use")) return messages_tool_use(x, b, t, k);
    if (!user && !strcmp(type, "thinking")) return messages_thinking(x, b, t, k);
    if (!user && !strcmp(type, "redacted_thinking")) return messages_redacted(x, b, t, k);
    if (!strcmp(type, "document") && (user || !messages_is_new(x))) return 1;
    return fail(x, 400, NULL, NULL, "messages.%d.content.%d: Input tag '%s' found using 'type' does not match any of the expected tags for the role %s", t->i, k, type, t->role);
}
/* must the message begin with what was thought? If it has a call of ours that was thought about; with a budget also behind calls of others */
static int messages_thought(const exchange *x, const turn *t) {
    const json *content = json_get(t->m, "content");
    if (is_text(json_get(json_get(x->body, "thinking"), "type"), "disabled")) return 0;
    for (const json *b = content->first; b; b = b->next)
        if (is_text(json_get(b, "type"), "tool_use") && (t->budget || is_thought(json_text(json_get(b, "id"), ""), MESSAGES_CALL))) return 1;
    return 0;
}
/* tool results come before other blocks; a turn that thought and called tools must come back with its thinking first */
static int messages_order(exchange *x, const json *content, const turn *t) {
    const char *first = json_text(json_get(content->first, "type"), "");
    if (!strcmp(t->role, "assistant") && messages_thought(x, t) && strcmp(first, "thinking") && strcmp(first, "redacted_thinking"))
        return fail(x, 400, NULL, NULL, "messages.%d.content.0.type: Expected `thinking` or `redacted_thinking`, but found `%s`. When `thinking` is enabled, a final `assistant` "
            "message must start with a thinking block (preceeding the lastmost set of `tool_use` and `tool_result` blocks).", t->i, first);
    int other = 0;
    for (const json *b = content->first; b; b = b->next) {
        int result = is_text(json_get(b, "type"), "tool_result");
        if (result && other) return fail(x, 400, NULL, NULL, "messages.%d: `tool_result` blocks must come before other content", t->i);
        other |= !result;
    }
    return 1;
}
static int messages_content(exchange *x, const turn *t) {
    const json *content = json_get(t->m, "content");
    long k = 0;
    if (is_kind(content, J_STRING)) {
        if (!count_words(content->s, content->n)) return fail(x, 400, NULL, NULL, "messages.%d: %s messages must have non-empty content", t->i, t->role);
        heard(&x->ask, !strcmp(t->role, "user") ? &x->ask.user : NULL, content);
        return 1;
    }
    if (!is_kind(content, J_ARRAY)) return fail(x, 400, NULL, NULL, "messages.%d.content: %s", t->i, content ? "Input should be a valid list" : "Field required");
    if (!content->first) return fail(x, 400, NULL, NULL, "messages.%d: %s messages must have non-empty content", t->i, t->role);
    if (!messages_order(x, content, t)) return 0;
    for (const json *b = content->first; b; b = b->next) if (!messages_block(x, b, t, k++)) return 0;
    return 1;
}
static int messages_no_prefill(const char *model) {                      /* models that refuse an assistant message at the end */
    static const char *const marks[] = { "-4-6", "-4-7", "-4-8", "opus-5", "sonnet-5", "haiku-5" };
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) if (strstr(model, marks[i])) return 1;
    return 0;
}
/* the last message in which the user says something: what stands behind it is the turn that goes on */
static const json *messages_last_user(const json *all) {
    const json *last = NULL;
    for (const json *m = all->first; m; m = m->next) if (is_text(json_get(m, "role"), "user") && !messages_has_block(m, "tool_result", NULL, NULL)) last = m;
    return last;
}
static int messages_list(exchange *x) {
    const json *all = json_get(x->body, "messages"), *before = NULL, *last;
    ask *a = &x->ask;
    const int budget = is_text(json_get(json_get(x->body, "thinking"), "type"), "enabled");
    int current = 0;
    long i = 0;
    if (!is_kind(all, J_ARRAY)) return fail(x, 400, NULL, NULL, "messages: %s", all ? "Input should be a valid list" : "Field required");
    if (!all->first) return fail(x, 400, NULL, NULL, "messages: at least one message is required");
    last = messages_last_user(all);
    for (const json *m = all->first; m; before = m, m = m->next, i++) {
        turn t = { m, json_text(json_get(m, "role"), ""), i, budget && current, before };
        if (m->kind != J_OBJECT) return fail(x, 400, NULL, NULL, "messages.%d: Input does not match the expected shape.", i);
        if (!strcmp(t.role, "system")) return fail(x, 400, NULL, NULL, "messages: Unexpected role \"system\". The Messages API accepts a top-level `system` parameter, not \"system\" as an input message role.");
        if (strcmp(t.role, "user") && strcmp(t.role, "assistant")) return fail(x, 400, NULL, NULL, "messages: Unexpected role \"%s\". Allowed roles are \"user\" or \"assistant\".", t.role);
        if (!i && strcmp(t.role, "user")) return fail(x, 400, NULL, NULL, "messages: first message must use the \"user\" role");
        a->has_result = 0; a->result.n = 0;
        size_t old = a->user.n;                                          /* results alone leave the text that asked for them */
        if (!messages_content(x, &t)) return 0;
        if (old && a->user.n > old) { memmove(a->user.p, a->user.p + old + 1, a->user.n - old - 1); a->user.n -= old + 1; }
        current |= m == last;
    }
    if (is_text(json_get(before, "role"), "assistant") && messages_no_prefill(a->model))
        return fail(x, 400, NULL, NULL, "This model does not support assistant message prefill. The conversation must end with a user message.");
    return 1;
}

/* ---- reading: the rest ---------------------------------------------------------------------------------------- */
static int messages_system(exchange *x) {
    const json *s = json_get(x->body, "system");
    heard(&x->ask, NULL, s);
    for (const json *b = is_kind(s, J_ARRAY) ? s->first : NULL; b; b = b->next) {
        if (!is_text(json_get(b, "type"), "text") || !is_kind(json_get(b, "text"), J_STRING)) return fail(x, 400, NULL, NULL, "system.0.text: Field required");
        heard(&x->ask, NULL, json_get(b, "text"));
    }
    return !s || s->kind == J_STRING || s->kind == J_ARRAY || fail(x, 400, NULL, NULL, "system: Input should be a valid string or list");
}
static int messages_tools(exchange *x) {
    const json *all = json_get(x->body, "tools");
    ask *a = &x->ask;
    for (const json *t = is_kind(all, J_ARRAY) ? all->first : NULL; t; t = t->next) {
        const json *name = json_get(t, "name"), *schema = json_get(t, "input_schema"), *type = json_get(t, "type");
        if (is_kind(type, J_STRING) && strcmp(type->s, "custom")) continue;      /* server tools are not played */
        if (!is_kind(name, J_STRING)) return fail(x, 400, NULL, NULL, "tools.%d.custom.name: Field required", (long)a->ntools);
        if (!is_name(name->s, name->n, 128)) return fail(x, 400, NULL, NULL, "tools.%d.custom.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'", (long)a->ntools);
        if (!is_kind(schema, J_OBJECT)) return fail(x, 400, NULL, NULL, "tools.%d.custom.input_schema: Field required", (long)a->ntools);
        if (!is_text(json_get(schema, "type"), "object")) return fail(x, 400, NULL, NULL, "tools.%d.custom.input_schema.type: Input should be 'object'", (long)a->ntools);
        if (a->ntools == MAX_TOOLS) return fail(x, 400, NULL, NULL, "tools: too many for this test server");
        a->tools[a->ntools].name = name->s; a->tools[a->ntools++].schema = schema;
    }
    return !all || all->kind == J_ARRAY || fail(x, 400, NULL, NULL, "tools: Input should be a valid list");
}
static int messages_choice(exchange *x) {
    const json *c = json_get(x->body, "tool_choice");
    const char *type = json_text(json_get(c, "type"), "");
    ask *a = &x->ask;
    if (is_null(c)) return 1;
    if (!a->ntools) return fail(x, 400, NULL, NULL, "tool_choice may only be specified while providing `tools`.");
    if (!strcmp(type, "auto")) return 1;
    if (!strcmp(type, "none")) { a->choice = CHOICE_NONE; return 1; }
    if (strcmp(type, "any") && strcmp(type, "tool")) return fail(x, 400, NULL, NULL, "tool_choice: Input tag '%s' found using 'type' does not match any of the expected tags: 'auto', 'any', 'tool', 'none'", type);
    if (is_kind(json_get(x->body, "thinking"), J_OBJECT) && a->think) return fail(x, 400, NULL, NULL, "Thinking may not be enabled when tool_choice forces tool use.");
    a->choice = !strcmp(type, "any") ? CHOICE_REQUIRED : CHOICE_NAMED;
    a->chosen = json_text(json_get(c, "name"), NULL);
    for (int i = 0; a->choice == CHOICE_NAMED && a->chosen && i < a->ntools; i++) if (!strcmp(a->chosen, a->tools[i].name)) return 1;
    return a->choice == CHOICE_REQUIRED || fail(x, 400, NULL, NULL, "Tool '%s' not found in provided tools", a->chosen ? a->chosen : "");
}
static int messages_think(exchange *x) {
    const json *t = json_get(x->body, "thinking"), *budget = json_get(t, "budget_tokens"), *temperature = json_get(x->body, "temperature");
    if (is_null(t) || is_text(json_get(t, "type"), "disabled")) return 1;
    x->ask.think = 1;
    if (is_kind(temperature, J_NUMBER) && (temperature->number < 1 || temperature->number > 1)) return fail(x, 400, NULL, NULL, "`temperature` may only be set to 1 when thinking is enabled.");
    if (is_text(json_get(t, "type"), "adaptive")) return 1;
    if (!is_text(json_get(t, "type"), "enabled")) return fail(x, 400, NULL, NULL, "thinking: Input tag does not match any of the expected tags: 'adaptive', 'disabled', 'enabled'");
    if (!is_whole(budget)) return fail(x, 400, NULL, NULL, "thinking.enabled.budget_tokens: Field required");
    if (budget->number < 1024) return fail(x, 400, NULL, NULL, "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024");
    if (x->ask.max_tokens && budget->number >= (double)x->ask.max_tokens) return fail(x, 400, NULL, NULL, "`max_tokens` must be greater than `thinking.budget_tokens`.");
    return 1;
}
static int messages_sampling(exchange *x) {
    static const char *const names[] = { "temperature", "top_p", "top_k" };
    const json *stops = json_get(x->body, "stop_sequences");
    for (size_t i = 0; i < 3; i++) {
        const json *v = json_get(x->body, names[i]);
        if (!v) continue;
        if (messages_is_new(x)) return fail(x, 400, NULL, NULL, "%s: Extra inputs are not permitted", names[i]);
        if (!is_kind(v, J_NUMBER) || v->number < 0 || (i < 2 && v->number > 1)) return fail(x, 400, NULL, NULL, "%s: range: 0..1", names[i]);
    }
    for (const json *s = is_kind(stops, J_ARRAY) ? stops->first : NULL; s; s = s->next) {
        if (!is_kind(s, J_STRING) || !count_words(s->s, s->n)) return fail(x, 400, NULL, NULL, "stop_sequences: each stop sequence must contain non-whitespace");
        if (x->ask.nstops < MAX_STOPS) x->ask.stops[x->ask.nstops++] = s->s;
    }
    return 1;
}
static int messages_format(exchange *x) {
    const json *f = json_get(json_get(x->body, "output_config"), "format");
    if (!f) f = json_get(x->body, "output_format");
    if (is_null(f)) return 1;
    if (!is_text(json_get(f, "type"), "json_schema")) return fail(x, 400, NULL, NULL, "output_config.format.type: Input should be 'json_schema'");
    x->ask.schema = json_get(f, "schema");
    if (!is_kind(x->ask.schema, J_OBJECT)) return fail(x, 400, NULL, NULL, "output_config.format.schema: Field required");
    if (strict_problem(x->ask.schema, 0) == 1) return fail(x, 400, NULL, NULL, "output_config.format.schema: For 'object' type, 'additionalProperties' must be explicitly set to false");
    x->ask.want_json = 1;
    return 1;
}
static int messages_members(exchange *x) {
    static const char *const known[] = { "model", "messages", "max_tokens", "system", "metadata", "stop_sequences", "stream", "temperature", "top_p", "top_k", "tools", "tool_choice",
        "thinking", "output_config", "output_format", "service_tier", "container", "context_management", "mcp_servers", "inference_geo", "cache_control", NULL };
    for (const json *m = x->body->first; m && !x->b.lax; m = m->next)
        if (!is_known(known, m->key, m->nkey)) return fail(x, 400, NULL, NULL, "%v: Extra inputs are not permitted", m->key, m->nkey);
    return 1;
}
static int messages_parse(exchange *x, int count_only) {
    const char *why = "it is not an object"; size_t where = 0;
    ask *a = &x->ask;
    if (!is_json_type(x)) return fail(x, 400, NULL, NULL, "Content-Type must be application/json");
    x->body = json_parse(&x->mem, x->req.body, x->req.nbody, &why, &where);
    if (!is_kind(x->body, J_OBJECT)) return fail(x, 400, NULL, NULL, "The request body is not valid JSON: %s: byte %d", why, (long)where);
    const json *model = json_get(x->body, "model"), *max = json_get(x->body, "max_tokens");
    if (!is_kind(model, J_STRING) || !model->n) return fail(x, 400, NULL, NULL, "model: Field required");
    a->model = model->s;
    if (count_only && max) return fail(x, 400, NULL, NULL, "max_tokens: Extra inputs are not permitted");
    if (!count_only && !max) return fail(x, 400, NULL, NULL, "max_tokens: Field required");
    if (max && (!is_whole(max) || max->number < 1 || max->number > 1e9)) return fail(x, 400, NULL, NULL, "max_tokens: Input should be greater than or equal to 1");
    if (is_missing_model(a->model)) return fail(x, 404, NULL, NULL, "model: %s", a->model);
    if (max) a->max_tokens = (long)max->number;
    a->choices = 1;
    a->stream = is_true(json_get(x->body, "stream"));
    return messages_members(x) && messages_think(x) && messages_sampling(x) && messages_system(x) && messages_list(x) && messages_tools(x) && messages_choice(x) && messages_format(x);
}
static int messages_read(exchange *x) { return messages_parse(x, 0); }

/* ---- writing -------------------------------------------------------------------------------------------------- */
static const char *messages_stop(const exchange *x) {
    static const char *const names[] = { "end_turn", "max_tokens", "tool_use", "stop_sequence", "refusal" };
    return x->b.finish[0] ? x->b.finish : names[x->answer.finish];
}
static void messages_headers(exchange *x) {
    add_header(x, "request-id: req_loopback%d", (long)x->number);
    put_text(&x->reply.head, "anthropic-ratelimit-requests-limit: 4000\r\nanthropic-ratelimit-requests-remaining: 3999\r\nanthropic-ratelimit-requests-reset: 2026-11-20T12:00:00Z\r\n"
        "anthropic-ratelimit-input-tokens-limit: 400000\r\nanthropic-ratelimit-input-tokens-remaining: 399000\r\nanthropic-ratelimit-input-tokens-reset: 2026-11-20T12:00:00Z\r\n");
}
static void messages_usage(exchange *x, buf *o, long out, int all) {
    const answer *w = &x->answer;
    say(o, "{\"input_tokens\":%d,\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":%d", w->in - w->cached, w->cached);
    if (all) put_text(o, ",\"cache_creation\":{\"ephemeral_5m_input_tokens\":0,\"ephemeral_1h_input_tokens\":0}");
    say(o, ",\"output_tokens\":%d%s}", out, all ? ",\"service_tier\":\"standard\",\"inference_geo\":\"not_available\"" : "");
}
static void messages_stop_members(exchange *x, buf *o) {
    say(o, "\"stop_reason\":%q,\"stop_sequence\":", messages_stop(x));
    if (x->answer.stop_hit) put_json(o, x->answer.stop_hit, strlen(x->answer.stop_hit)); else put_text(o, "null");
}
static void messages_unary(exchange *x) {
    const answer *w = &x->answer;
    buf *o = &x->reply.body;
    const buf *t = &w->text.text, *r = &w->reasoning.text;
    char signature[80];
    int some = 0;
    start_reply(x, 200, "application/json");
    messages_headers(x);
    seal_answer(x, MESSAGES_CALL, signature);
    say(o, "{\"model\":%q,\"id\":\"msg_loopback%d\",\"type\":\"message\",\"role\":\"assistant\",\"content\":[", x->ask.model, (long)x->number);
    if (r->n && x->b.redacted) say(o, "%s{\"type\":\"redacted_thinking\",\"data\":%q}", some++ ? "," : "", signature);
    else if (r->n) say(o, "%s{\"type\":\"thinking\",\"thinking\":%j,\"signature\":%q}", some++ ? "," : "", r->p, r->n, signature);
    if (t->n || w->ncalls) say(o, "%s{\"type\":\"text\",\"text\":%j}", some++ ? "," : "", w->ncalls ? "I'll use a tool." : t->p, w->ncalls ? (size_t)16 : t->n);
    for (int i = 0; i < w->ncalls; i++) {
        size_t n; const char *input = call_object(x, &w->calls[i], &n);
        say(o, "%s{\"type\":\"tool_use\",\"id\":\"" MESSAGES_CALL "%s\",\"name\":%q,\"input\":%v}", some++ ? "," : "", w->calls[i].id, w->calls[i].name, input, n);
    }
    put_text(o, "],");
    messages_stop_members(x, o);
    put_text(o, ",\"stop_details\":null,\"usage\":");
    messages_usage(x, o, w->out, 1);
    put_char(o, '}');
}
/* one event; f is its data. The data line is padded with spaces, as the service does. */
static void messages_event(exchange *x, const char *name, const char *f, ...) {
    buf *o = &x->reply.body;
    va_list ap;
    say(o, "event: %s\ndata: ", name);
    size_t at = o->n;
    va_start(ap, f);
    say_list(o, f, ap);
    va_end(ap);
    for (size_t pad = (o->n - at) * 7 % 15; pad > 0; pad--) put_char(o, ' ');
    put_text(o, "\n\n");
    event_end(x);
}
#define MESSAGES_DELTA "{\"type\":\"content_block_delta\",\"index\":%d,\"delta\":{\"type\":"
static void messages_block_start(exchange *x, long i, const char *f, ...) {
    buf b = { 0 };
    va_list ap;
    va_start(ap, f);
    say_list(&b, f, ap);
    va_end(ap);
    messages_event(x, "content_block_start", "{\"type\":\"content_block_start\",\"index\":%d,\"content_block\":%v}", i, b.p, b.n);
    if (!i) messages_event(x, "ping", "{\"type\": \"ping\"}");
    buf_free(&b);
}
static void messages_block_stop(exchange *x, long i) { messages_event(x, "content_block_stop", "{\"type\":\"content_block_stop\",\"index\":%d}", i); }

static void messages_stream_thinking(exchange *x, long i) {
    const pieces *r = &x->answer.reasoning;
    char signature[80];
    seal_answer(x, MESSAGES_CALL, signature);
    if (x->b.redacted) messages_block_start(x, i, "{\"type\":\"redacted_thinking\",\"data\":%q}", signature);
    else {
        messages_block_start(x, i, "{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}");
        for (int k = 0; k < r->n; k++) { size_t n; const char *s = piece(r, k, &n); messages_event(x, "content_block_delta", MESSAGES_DELTA "\"thinking_delta\",\"thinking\":%j}}", i, s, n); }
        messages_event(x, "content_block_delta", MESSAGES_DELTA "\"signature_delta\",\"signature\":%q}}", i, signature);
    }
    messages_block_stop(x, i);
}
static int messages_stream_text(exchange *x, long i) {                   /* 0: the stream ends early */
    const pieces *t = &x->answer.text;
    messages_block_start(x, i, "{\"type\":\"text\",\"text\":\"\"}");
    for (int k = 0; k <= t->n; k++) {
        if (mid_stream(x, k == t->n && k < 2 ? 2 : k)) return 0;
        if (k < t->n) { size_t n; const char *s = piece(t, k, &n); messages_event(x, "content_block_delta", MESSAGES_DELTA "\"text_delta\",\"text\":%j}}", i, s, n); }
    }
    if (x->answer.ncalls) messages_event(x, "content_block_delta", MESSAGES_DELTA "\"text_delta\",\"text\":\"I'll use a tool.\"}}", i);
    messages_block_stop(x, i);
    return 1;
}
static void messages_stream_call(exchange *x, const call *c, long i) {
    pieces p = { { 0, 0, 0, 0 }, NULL, 0 };
    messages_block_start(x, i, "{\"type\":\"tool_use\",\"id\":\"" MESSAGES_CALL "%s\",\"name\":%q,\"input\":{}}", c->id, c->name);
    messages_event(x, "content_block_delta", MESSAGES_DELTA "\"input_json_delta\",\"partial_json\":\"\"}}", i);
    if (c->args.n != 2 || memcmp(c->args.p, "{}", 2)) cut_evenly(&p, c->args.p, c->args.n, x->b.whole_calls ? c->args.n : 7);
    for (int k = 0; k < p.n; k++) { size_t n; const char *s = piece(&p, k, &n); messages_event(x, "content_block_delta", MESSAGES_DELTA "\"input_json_delta\",\"partial_json\":%j}}", i, s, n); }
    messages_block_stop(x, i);
    buf_free(&p.text); free(p.end);
}
static void messages_stream(exchange *x) {
    const answer *w = &x->answer;
    buf u = { 0 };
    long i = 0;
    messages_headers(x);
    messages_usage(x, &u, 1, 1);
    messages_event(x, "message_start", "{\"type\":\"message_start\",\"message\":{\"model\":%q,\"id\":\"msg_loopback%d\",\"type\":\"message\",\"role\":\"assistant\",\"content\":[],"
        "\"stop_reason\":null,\"stop_sequence\":null,\"stop_details\":null,\"usage\":%v}}", x->ask.model, (long)x->number, u.p, u.n);
    buf_free(&u);
    if (w->reasoning.n) messages_stream_thinking(x, i++);
    if (!messages_stream_text(x, i++)) return;
    for (int k = 0; k < w->ncalls; k++) messages_stream_call(x, &w->calls[k], i++);
    if (x->b.no_terminal) return;
    messages_stop_members(x, &u);
    put_text(&u, "},\"usage\":");
    messages_usage(x, &u, w->out, 0);
    messages_event(x, "message_delta", "{\"type\":\"message_delta\",\"delta\":{%v}", u.p, u.n);
    buf_free(&u);
    if (!x->b.no_done) messages_event(x, "message_stop", "{\"type\":\"message_stop\"}");
}
static void messages_stream_error(exchange *x) {
    messages_event(x, "error", "{\"type\":\"error\",\"error\":{\"details\":null,\"type\":\"overloaded_error\",\"message\":\"Overloaded\"},\"request_id\":\"req_loopback%d\"}", (long)x->number);
}
static const dialect messages_dialect = { "anthropic", "text/event-stream; charset=utf-8", messages_auth, messages_read, messages_unary, messages_stream, messages_stream_error, messages_error };

static void messages_count(exchange *x) {
    if (!messages_parse(x, 1)) return;
    plan_usage(x);
    start_reply(x, 200, "application/json");
    messages_headers(x);
    say(&x->reply.body, "{\"input_tokens\":%d}", x->answer.in);
}
static void messages_models(exchange *x) {
    start_reply(x, 200, "application/json");
    messages_headers(x);
    put_text(&x->reply.body, "{\"data\":[{\"type\":\"model\",\"id\":\"claude-sonnet-4-5\",\"display_name\":\"Claude Sonnet 4.5\",\"created_at\":\"2025-09-29T00:00:00Z\"},"
        "{\"type\":\"model\",\"id\":\"claude-haiku-4-5\",\"display_name\":\"Claude Haiku 4.5\",\"created_at\":\"2025-10-01T00:00:00Z\"}],"
        "\"has_more\":false,\"first_id\":\"claude-sonnet-4-5\",\"last_id\":\"claude-haiku-4-5\"}");
}
#endif
