/* responses.h - the Responses API: what api.openai.com checks, answers and streams (OpenAI API reference, responses/create and streaming events).
 * A reasoning item is sealed with a code made from its id, its summary and the call behind it (answer.h): one that is missing, changed, or stands at another
 * place is refused. */
#ifndef LOOPBACK_RESPONSES_H
#define LOOPBACK_RESPONSES_H
#include "chat.h"

#define RESPONSES_CALL "call_"

static void responses_seal(const char *id, const char *s, size_t n, const char *call_id, char out[80]) {
    char names[160];
    snprintf(names, sizeof names, "%s %s", id, call_id);
    seal(s, n, names, out);
    memcpy(out, "gAAAAA", 6);
    for (int i = 6; out[i]; i++) out[i] = out[i] == '+' ? '-' : out[i] == '/' ? '_' : out[i];
}

/* ---- reading: items ------------------------------------------------------------------------------------------- */
static int responses_image(exchange *x, const json *p, long i) {
    const char *url = json_text(json_get(p, "image_url"), NULL), *comma;
    x->ask.images++;
    if (!url) return fail(x, 400, "input", "missing_required_parameter", "Missing required parameter: 'input[%d].content[].image_url'.", i);
    if (!strncmp(url, "https://", 8) || !strncmp(url, "http://", 7)) return 1;
    comma = strchr(url, ',');
    if (strncmp(url, "data:image/", 11) || !comma || comma - url < 7 || memcmp(comma - 7, ";base64", 7) || !is_base64(comma + 1, strlen(comma + 1)))
        return fail(x, 400, "input", "invalid_value", "Invalid 'input[%d].content[].image_url'. Expected a valid URL, but got a value with an invalid format.", i);
    return 1;
}
static int responses_file(exchange *x, const json *p, long i) {
    const json *name = json_get(p, "filename"), *url = json_get(p, "file_url");
    const char *data = json_text(json_get(p, "file_data"), NULL), *comma = data ? strchr(data, ',') : NULL;
    if (is_kind(url, J_STRING)) return !name || fail(x, 400, "input", "mutually_exclusive_parameters", "Mutually exclusive parameters: 'input[%d].content[].filename' and 'file_url'.", i);
    if (data && is_kind(name, J_STRING) && !strncmp(data, "data:", 5) && comma && is_base64(comma + 1, strlen(comma + 1))) return 1;
    return fail(x, 400, "input", "invalid_value", "Invalid 'input[%d].content[]': a file needs file_url, or filename and file_data as a data URL.", i);
}
static int responses_part(exchange *x, const json *p, const char *const *types, long i, buf *to) {
    const char *t = json_text(json_get(p, "type"), "");
    if (!is_known(types, t, strlen(t))) return fail(x, 400, "input", "invalid_value", "Invalid value: '%s'. Unsupported content type in 'input[%d]'.", t, i);
    if (!strcmp(t, "input_image")) return responses_image(x, p, i);
    if (!strcmp(t, "input_file")) return responses_file(x, p, i);
    if (!strcmp(t, "refusal")) return 1;
    if (!is_kind(json_get(p, "text"), J_STRING)) return fail(x, 400, "input", "missing_required_parameter", "Missing required parameter: 'input[%d].content[].text'.", i);
    heard(&x->ask, to, json_get(p, "text"));
    return 1;
}
static int responses_content(exchange *x, const json *content, int assistant, long i, buf *to) {
    static const char *const in[] = { "input_text", "input_image", "input_file", NULL }, *const out[] = { "output_text", "refusal", NULL };
    if (is_kind(content, J_STRING)) { heard(&x->ask, to, content); return 1; }
    if (!is_kind(content, J_ARRAY)) return fail(x, 400, "input", "invalid_type", "Invalid type for 'input[%d].content': expected one of a string or array of objects.", i);
    for (const json *p = content->first; p; p = p->next) if (!responses_part(x, p, assistant ? out : in, i, to)) return 0;
    return 1;
}
static int responses_message(exchange *x, const json *m, long i) {
    static const char *const roles[] = { "user", "assistant", "system", "developer", NULL };
    const char *role = json_text(json_get(m, "role"), "");
    int user = !strcmp(role, "user");
    if (!is_known(roles, role, strlen(role)))
        return fail(x, 400, "input", "invalid_value", "Invalid value: '%s'. Supported values are: 'assistant', 'system', 'developer', and 'user'. (input[%d].role)", role, i);
    if (user) x->ask.user.n = 0;
    x->ask.result.n = 0; x->ask.has_result = 0;
    return responses_content(x, json_get(m, "content"), !strcmp(role, "assistant"), i, user ? &x->ask.user : NULL);
}
static int responses_is(const json *item, const char *type, const char *id) {
    return is_text(json_get(item, "type"), type) && (!id || is_text(json_get(item, "call_id"), id));
}
static int responses_thought(const json *all, const json *made) {        /* is there reasoning in front of it, in this turn? */
    int thought = 0;
    for (const json *m = all->first; m && m != made; m = m->next) {
        if (responses_is(m, "reasoning", NULL)) thought = 1;
        else if (!responses_is(m, "function_call", NULL) && !is_text(json_get(m, "role"), "assistant")) thought = 0;
    }
    return thought;
}
static int responses_call(exchange *x, const json *all, const json *m, long i) {
    const json *id = json_get(m, "call_id"), *args = json_get(m, "arguments");
    if (!is_kind(id, J_STRING) || !id->n || !is_kind(json_get(m, "name"), J_STRING)) return fail(x, 400, "input", "missing_required_parameter", "Missing required parameter: 'input[%d].call_id' or 'name'.", i);
    if (!is_kind(args, J_STRING)) return fail(x, 400, "input", "invalid_type", "Invalid type for 'input[%d].arguments': expected a string.", i);
    x->ask.words_in += count_words(args->s, args->n);
    x->ask.result.n = 0; x->ask.has_result = 0;
    if (is_thought(id->s, RESPONSES_CALL) && !responses_thought(all, m))
        return fail(x, 400, "input", NULL, "Item '%s' of type 'function_call' was provided without its required 'reasoning' item.", id->s);
    for (const json *o = m->next; o; o = o->next) if (responses_is(o, "function_call_output", id->s)) return 1;
    return fail(x, 400, "input", NULL, "No tool output found for function call %s.", id->s);
}
static int responses_output(exchange *x, const json *all, const json *m, long i) {
    const char *id = json_text(json_get(m, "call_id"), NULL);
    const json *c = all->first;
    if (!id) return fail(x, 400, "input", "missing_required_parameter", "Missing required parameter: 'input[%d].call_id'.", i);
    while (c != m && !responses_is(c, "function_call", id)) c = c->next;
    if (c == m) return fail(x, 400, "input", NULL, "No tool call found for function call output with call_id %s.", id);
    x->ask.has_result = 1;
    return responses_content(x, json_get(m, "output"), 0, i, &x->ask.result);
}
static int responses_reasoning(exchange *x, const json *m, long i) {
    const json *sealed = json_get(m, "encrypted_content"), *summary = json_get(m, "summary"), *text, *next = m->next, *made = next;
    const char *id = json_text(json_get(m, "id"), "");
    char right[80];
    if (!is_kind(summary, J_ARRAY)) return fail(x, 400, "input", "missing_required_parameter", "Missing required parameter: 'input[%d].summary'.", i);
    if (!is_kind(sealed, J_STRING)) return fail(x, 404, "input", NULL, "Item with id '%s' not found. Items are not persisted when `store` is set to false.", id);
    text = summary->first ? json_get(summary->first, "text") : NULL;
    while (made && is_text(json_get(made, "role"), "assistant")) made = made->next;
    responses_seal(id, text && text->kind == J_STRING ? text->s : "", text && text->kind == J_STRING ? text->n : 0, responses_is(made, "function_call", NULL) ? json_text(json_get(made, "call_id"), "") : "", right);
    if (!is_text(sealed, right)) return fail(x, 400, "input", "invalid_encrypted_content", "The encrypted content %v... could not be verified. Reason: Encrypted content could not be decrypted or parsed.", sealed->s, sealed->n < 8 ? sealed->n : (size_t)8);
    if (next && (responses_is(next, "function_call", NULL) || responses_is(next, "reasoning", NULL) || is_text(json_get(next, "role"), "assistant"))) return 1;
    return fail(x, 400, "input", NULL, "Item '%s' of type 'reasoning' was provided without its required following item.", id);
}
static int responses_item(exchange *x, const json *all, const json *m, long i) {
    static const char *const others[] = { "web_search_call", "file_search_call", "code_interpreter_call", "mcp_call", "mcp_list_tools", "tool_search_call", "tool_search_output", "compaction", NULL };
    const char *t = json_text(json_get(m, "type"), json_get(m, "role") ? "message" : "");
    if (!strcmp(t, "message")) return responses_message(x, m, i);
    if (!strcmp(t, "function_call")) return responses_call(x, all, m, i);
    if (!strcmp(t, "function_call_output")) return responses_output(x, all, m, i);
    if (!strcmp(t, "reasoning")) return responses_reasoning(x, m, i);
    return is_known(others, t, strlen(t)) || fail(x, 400, "input", "invalid_value", "Invalid value: '%s'. Supported values are: 'message', 'reasoning', 'function_call', ... (input[%d].type)", t, i);
}
static int responses_input(exchange *x) {
    const json *all = json_get(x->body, "input"), *system = json_get(x->body, "instructions");
    long i = 0;
    if (!is_null(system) && system->kind != J_STRING) return fail(x, 400, "instructions", "invalid_type", "Invalid type for 'instructions': expected a string.");
    heard(&x->ask, NULL, system);
    if (!all) return fail(x, 400, "input", "missing_required_parameter", "Missing required parameter: 'input'.");
    if (is_kind(all, J_STRING)) { heard(&x->ask, &x->ask.user, all); return 1; }
    if (!is_kind(all, J_ARRAY)) return fail(x, 400, "input", "invalid_type", "Invalid type for 'input': expected one of a string or array of input items.");
    if (!all->first) return fail(x, 400, "input", "empty_array", "Invalid 'input': empty array. Expected an array with minimum length 1.");
    for (const json *m = all->first; m; m = m->next, i++) if (!responses_item(x, all, m, i)) return 0;
    return 1;
}

/* ---- reading: the rest ---------------------------------------------------------------------------------------- */
static int responses_tools(exchange *x) {
    const json *all = json_get(x->body, "tools");
    ask *a = &x->ask;
    if (!all) return 1;
    if (!is_kind(all, J_ARRAY)) return fail(x, 400, "tools", "invalid_type", "Invalid type for 'tools': expected an array of objects.");
    for (const json *t = all->first; t; t = t->next) {
        const json *name = json_get(t, "name"), *schema = json_get(t, "parameters"), *strict = json_get(t, "strict");
        if (!is_text(json_get(t, "type"), "function")) return fail(x, 400, "tools", "invalid_value", "Invalid value for 'tools[%d].type'.", (long)a->ntools);
        if (!is_kind(name, J_STRING)) return fail(x, 400, "tools[0].name", "missing_required_parameter", "Missing required parameter: 'tools[%d].name'.", (long)a->ntools);
        if (!is_name(name->s, name->n, 64)) return fail(x, 400, "tools", "invalid_value", "Invalid 'tools[%d].name': string does not match pattern. Expected '^[a-zA-Z0-9_-]+$'.", (long)a->ntools);
        if (!is_kind(schema, J_OBJECT) || !is_text(json_get(schema, "type"), "object"))
            return fail(x, 400, "tools", "invalid_function_parameters", "Invalid schema for function '%s': schema must be a JSON Schema of 'type: \"object\"'.", name->s);
        if ((is_null(strict) || is_true(strict)) && !chat_strict(x, schema, "function", name->s, "tools")) return 0; /* strict unless told */
        if (a->ntools == MAX_TOOLS) return fail(x, 400, "tools", NULL, "too many tools for this test server");
        a->tools[a->ntools].name = name->s; a->tools[a->ntools++].schema = schema;
    }
    return 1;
}
static int responses_choice(exchange *x) {
    const json *c = json_get(x->body, "tool_choice");
    ask *a = &x->ask;
    if (!c || is_text(c, "auto")) return 1;
    if (is_text(c, "none")) { a->choice = CHOICE_NONE; return 1; }
    if (!a->ntools) return fail(x, 400, "tool_choice", NULL, "Tool choices other than 'auto' and 'none' are only allowed when 'tools' are specified.");
    if (is_text(c, "required")) { a->choice = CHOICE_REQUIRED; return 1; }
    a->choice = CHOICE_NAMED;
    a->chosen = is_text(json_get(c, "type"), "function") ? json_text(json_get(c, "name"), NULL) : NULL;
    for (int i = 0; a->chosen && i < a->ntools; i++) if (!strcmp(a->chosen, a->tools[i].name)) return 1;
    return fail(x, 400, "tool_choice", NULL, "Tool choice '%s' not found in 'tools' parameter.", a->chosen ? a->chosen : "");
}
static int responses_format(exchange *x) {
    const json *f = json_get(json_get(x->body, "text"), "format"), *name = json_get(f, "name"), *in = json_get(x->body, "input");
    int said = 0;
    if (is_null(f) || is_text(json_get(f, "type"), "text")) return 1;
    x->ask.want_json = 1;
    if (is_text(json_get(f, "type"), "json_object")) {
        for (size_t i = 0; i + 4 <= in->nraw && !said; i++) said = same_word(in->raw + i, 4, "json");
        return said ? 1 : fail(x, 400, "input", NULL, "Response input messages must contain the word 'json' in some form to use 'text.format' of type 'json_object'.");
    }
    if (!is_text(json_get(f, "type"), "json_schema")) return fail(x, 400, "text.format.type", "invalid_value", "Invalid value for 'text.format.type'. Supported values are: 'json_object', 'json_schema', and 'text'.");
    if (!is_kind(name, J_STRING) || !is_name(name->s, name->n, 64)) return fail(x, 400, "text.format.name", "missing_required_parameter", "Missing required parameter: 'text.format.name'.");
    x->ask.schema = json_get(f, "schema");
    return !is_true(json_get(f, "strict")) || chat_strict(x, x->ask.schema, "response_format", name->s, "text.format.schema");
}
static int responses_think(exchange *x) {
    static const char *const efforts[] = { "none", "minimal", "low", "medium", "high", "xhigh", "max", NULL }, *const summaries[] = { "auto", "concise", "detailed", NULL };
    const json *r = json_get(x->body, "reasoning"), *effort = json_get(r, "effort"), *summary = json_get(r, "summary");
    if (is_null(r)) return 1;
    if (!is_reasoner(x->ask.model)) return fail(x, 400, "reasoning.effort", "unsupported_parameter", "Unsupported parameter: 'reasoning.effort' is not supported with this model.");
    if (!is_null(effort) && !is_known(efforts, json_text(effort, ""), strlen(json_text(effort, "")))) return fail(x, 400, "reasoning.effort", "invalid_value", "Invalid value for 'reasoning.effort'.");
    if (!is_null(summary) && !is_known(summaries, json_text(summary, ""), strlen(json_text(summary, "")))) return fail(x, 400, "reasoning.summary", "invalid_value", "Invalid value for 'reasoning.summary'.");
    x->ask.think = !is_null(effort) && !is_text(effort, "none");
    return 1;
}
static int responses_include(exchange *x, const char *what) {
    const json *all = json_get(x->body, "include");
    for (const json *i = is_kind(all, J_ARRAY) ? all->first : NULL; i; i = i->next) if (is_text(i, what)) return 1;
    return 0;
}
static int responses_limits(exchange *x) {
    const json *max = json_get(x->body, "max_output_tokens"), *t = json_get(x->body, "temperature");
    if (responses_include(x, "reasoning.encrypted_content") && !is_reasoner(x->ask.model)) return fail(x, 400, "include", NULL, "Encrypted content is not supported with this model.");
    if (is_kind(t, J_NUMBER) && (t->number < 1 || t->number > 1) && is_reasoner(x->ask.model))
        return fail(x, 400, "temperature", NULL, "Unsupported parameter: 'temperature' is not supported with this model.");
    if (!is_null(max)) {
        if (!is_whole(max) || max->number < 16 || max->number > 1e9)
            return fail(x, 400, "max_output_tokens", "integer_below_min_value", "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16, but got %v instead.", max->raw, max->nraw);
        x->ask.max_tokens = (long)max->number;
    }
    return chat_number(x, "temperature", 0, 2) && chat_number(x, "top_p", 0, 1);
}
static int responses_members(exchange *x) {
    static const char *const known[] = { "model", "input", "background", "context_management", "conversation", "include", "instructions", "max_output_tokens", "max_tool_calls", "metadata", "moderation",
        "parallel_tool_calls", "previous_response_id", "prompt", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "reasoning", "safety_identifier", "service_tier", "store", "stream",
        "stream_options", "temperature", "text", "tool_choice", "tools", "top_logprobs", "top_p", "truncation", "user", NULL };
    for (const json *m = x->body->first; m && !x->b.lax; m = m->next)
        if (!is_known(known, m->key, m->nkey)) return fail(x, 400, m->key, "unknown_parameter", "Unknown parameter: '%v'.", m->key, m->nkey);
    return 1;
}
static int responses_read(exchange *x) {
    ask *a = &x->ask;
    if (!chat_body(x)) return 0;
    const json *model = json_get(x->body, "model");
    if (!is_kind(model, J_STRING) || !model->n) return fail(x, 400, "model", "missing_required_parameter", "Missing required parameter: 'model'.");
    a->model = model->s;
    if (is_missing_model(a->model)) return fail(x, 400, "model", "model_not_found", "The requested model '%s' does not exist.", a->model); /* 404 on /chat/completions */
    a->stream = is_true(json_get(x->body, "stream"));
    a->choices = 1;
    return responses_members(x) && responses_limits(x) && responses_think(x) && responses_input(x) && responses_tools(x) && responses_choice(x) && responses_format(x);
}

/* ---- writing: items ------------------------------------------------------------------------------------------- */
static void responses_usage(exchange *x, buf *o) {
    const answer *w = &x->answer;
    say(o, "{\"input_tokens\":%d,\"input_tokens_details\":{\"cached_tokens\":%d},\"output_tokens\":%d,\"output_tokens_details\":{\"reasoning_tokens\":%d},\"total_tokens\":%d}",
        w->in, w->cached, w->out, w->out_reasoning, w->in + w->out);
}
static int responses_summarizes(exchange *x) { return !x->b.redacted && !is_null(json_get(json_get(x->body, "reasoning"), "summary")); }
static void responses_put_reasoning(exchange *x, buf *o, int whole) {
    const buf *r = &x->answer.reasoning.text;
    int shown = responses_summarizes(x);
    char id[40], call_id[80] = "", code[80];
    snprintf(id, sizeof id, "rs_loopback%lu", x->number);
    if (x->answer.ncalls) snprintf(call_id, sizeof call_id, RESPONSES_CALL "%s", x->answer.calls[0].id);
    responses_seal(id, shown ? r->p : "", shown ? r->n : 0, call_id, code);
    say(o, "{\"id\":%q,\"type\":\"reasoning\"", id);
    if (responses_include(x, "reasoning.encrypted_content")) say(o, ",\"encrypted_content\":%q", whole ? code : "gAAAAAunfinished"); /* not to be used before the item is done */
    put_text(o, ",\"summary\":[");
    if (shown && whole) say(o, "{\"type\":\"summary_text\",\"text\":%j}", r->p, r->n);
    put_text(o, "]}");
}
static void responses_put_part(exchange *x, buf *o, const char *s, size_t n) {
    if (x->answer.finish == FINISH_REFUSAL) say(o, "{\"type\":\"refusal\",\"refusal\":%j}", s, n);
    else say(o, "{\"type\":\"output_text\",\"annotations\":[],\"logprobs\":[],\"text\":%j}", s, n);
}
static void responses_put_message(exchange *x, buf *o, int whole) {
    const buf *t = &x->answer.text.text;
    say(o, "{\"id\":\"msg_loopback%d\",\"type\":\"message\",\"status\":%q,\"content\":[", (long)x->number, whole ? "completed" : "in_progress");
    if (whole) responses_put_part(x, o, t->p ? t->p : "", t->n);
    put_text(o, "],\"role\":\"assistant\"}");
}
static void responses_put_call(exchange *x, buf *o, int k, int whole) {
    const call *c = &x->answer.calls[k];
    int bare = is_thought(c->id, "") && !responses_include(x, "reasoning.encrypted_content");  /* nothing was given that could come back */
    say(o, "{\"id\":\"fc_%s\",\"type\":\"function_call\",\"status\":%q,\"arguments\":%j,\"call_id\":\"" RESPONSES_CALL "%s\",\"name\":%q}", c->id, whole ? "completed" : "in_progress",
        c->args.p ? c->args.p : "", whole ? c->args.n : (size_t)0, c->id + (bare ? strlen(THOUGHT) : 0), c->name);
}
static int responses_items(const exchange *x) { return (x->answer.reasoning.n > 0) + (x->answer.ncalls ? x->answer.ncalls : 1); }
static void responses_put_item(exchange *x, buf *o, int k, int whole) {
    int thought = x->answer.reasoning.n > 0;
    if (k < thought) responses_put_reasoning(x, o, whole);
    else if (x->answer.ncalls) responses_put_call(x, o, k - thought, whole);
    else responses_put_message(x, o, whole);
}
/* the response object; over: with its output */
static void responses_object(exchange *x, buf *o, int over) {
    const answer *w = &x->answer;
    const char *reason = x->b.finish[0] ? x->b.finish : w->finish == FINISH_LENGTH ? "max_output_tokens" : NULL;
    say(o, "{\"id\":\"resp_loopback%d\",\"object\":\"response\",\"created_at\":1790000000,\"status\":%q,\"background\":false,\"error\":null,\"incomplete_details\":", (long)x->number,
        !over ? "in_progress" : reason ? "incomplete" : "completed");
    if (over && reason) say(o, "{\"reason\":%q}", reason); else put_text(o, "null");
    say(o, ",\"instructions\":null,\"max_output_tokens\":null,\"model\":%q,\"output\":[", x->ask.model);
    for (int k = 0; over && k < responses_items(x); k++) { if (k) put_char(o, ','); responses_put_item(x, o, k, 1); }
    put_text(o, "],\"parallel_tool_calls\":true,\"previous_response_id\":null,\"store\":false,\"temperature\":1.0,\"text\":{\"format\":{\"type\":\"text\"}},\"tool_choice\":\"auto\",\"tools\":[],\"usage\":");
    if (over) responses_usage(x, o); else put_text(o, "null");
    put_text(o, ",\"user\":null,\"metadata\":{}}");
}
static void responses_unary(exchange *x) {
    start_reply(x, 200, "application/json");
    chat_headers(x);
    responses_object(x, &x->reply.body, 1);
    put_char(&x->reply.body, '\n');
}

/* ---- writing: events ------------------------------------------------------------------------------------------ */
typedef struct { exchange *x; long number; } responses_flow;             /* number: of the next event */

/* one event; f: its members besides type and sequence_number, ending with a comma */
static void responses_event(responses_flow *s, const char *type, const char *f, ...) {
    buf *o = &s->x->reply.body;
    va_list ap;
    say(o, "event: %s\ndata: {\"type\":%q,", type, type);
    va_start(ap, f);
    say_list(o, f, ap);
    va_end(ap);
    say(o, "\"sequence_number\":%d}\n\n", s->number++);
    event_end(s->x);
}
static void responses_item_event(responses_flow *s, const char *type, int k, int whole) {
    buf b = { 0 };
    responses_put_item(s->x, &b, k, whole);
    responses_event(s, type, "\"item\":%v,\"output_index\":%d,", b.p, b.n, (long)k);
    buf_free(&b);
}
static void responses_object_event(responses_flow *s, const char *type, int over) {
    buf b = { 0 };
    responses_object(s->x, &b, over);
    responses_event(s, type, "\"response\":%v,", b.p, b.n);
    buf_free(&b);
}
static void responses_stream_reasoning(responses_flow *s) {
    exchange *x = s->x;
    const pieces *r = &x->answer.reasoning;
    const char *at = "\"item_id\":\"rs_loopback%d\",\"output_index\":0,\"summary_index\":0,";
    buf b = { 0 };
    say(&b, at, (long)x->number);
    responses_item_event(s, "response.output_item.added", 0, 0);
    if (responses_summarizes(x)) {
        responses_event(s, "response.reasoning_summary_part.added", "%v\"part\":{\"type\":\"summary_text\",\"text\":\"\"},", b.p, b.n);
        for (int k = 0; k < r->n; k++) { size_t n; const char *t = piece(r, k, &n); responses_event(s, "response.reasoning_summary_text.delta", "\"delta\":%j,%v\"obfuscation\":%j,", t, n, b.p, b.n, "obfuscation", (size_t)(k % 11)); }
        responses_event(s, "response.reasoning_summary_text.done", "%v\"text\":%j,", b.p, b.n, r->text.p, r->text.n);
        responses_event(s, "response.reasoning_summary_part.done", "%v\"part\":{\"type\":\"summary_text\",\"text\":%j},", b.p, b.n, r->text.p, r->text.n);
    }
    responses_item_event(s, "response.output_item.done", 0, 1);
    buf_free(&b);
}
static int responses_stream_message(responses_flow *s, int item) {       /* 0: the stream ends early */
    exchange *x = s->x;
    const pieces *t = &x->answer.text;
    int refusal = x->answer.finish == FINISH_REFUSAL;
    buf at = { 0 }, part = { 0 };
    say(&at, "\"content_index\":0,\"item_id\":\"msg_loopback%d\",\"output_index\":%d,", (long)x->number, (long)item);
    responses_item_event(s, "response.output_item.added", item, 0);
    responses_put_part(x, &part, "", 0);
    responses_event(s, "response.content_part.added", "%v\"part\":%v,", at.p, at.n, part.p, part.n);
    for (int k = 0; k <= t->n; k++) {
        if (mid_stream(x, k == t->n && k < 2 ? 2 : k)) { buf_free(&at); buf_free(&part); return 0; }
        if (k < t->n) { size_t n; const char *p = piece(t, k, &n); responses_event(s, refusal ? "response.refusal.delta" : "response.output_text.delta", "\"delta\":%j,%v\"logprobs\":[],\"obfuscation\":%j,", p, n, at.p, at.n, "obfuscation", (size_t)(k * 7 % 11)); }
    }
    responses_event(s, refusal ? "response.refusal.done" : "response.output_text.done", "%v\"%s\":%j,", at.p, at.n, refusal ? "refusal" : "text", t->text.p ? t->text.p : "", t->text.n);
    part.n = 0;
    responses_put_part(x, &part, t->text.p ? t->text.p : "", t->text.n);
    responses_event(s, "response.content_part.done", "%v\"part\":%v,", at.p, at.n, part.p, part.n);
    responses_item_event(s, "response.output_item.done", item, 1);
    buf_free(&at); buf_free(&part);
    return 1;
}
static void responses_stream_call(responses_flow *s, int item, const call *c) {
    pieces p = { { 0, 0, 0, 0 }, NULL, 0 };
    responses_item_event(s, "response.output_item.added", item, 0);
    if (!s->x->b.whole_calls) cut_evenly(&p, c->args.p, c->args.n, 6);
    for (int k = 0; k < p.n; k++) { size_t n; const char *t = piece(&p, k, &n); responses_event(s, "response.function_call_arguments.delta", "\"delta\":%j,\"item_id\":\"fc_%s\",\"output_index\":%d,", t, n, c->id, (long)item); }
    responses_event(s, "response.function_call_arguments.done", "\"arguments\":%j,\"item_id\":\"fc_%s\",\"output_index\":%d,", c->args.p ? c->args.p : "", c->args.n, c->id, (long)item);
    responses_item_event(s, "response.output_item.done", item, 1);
    buf_free(&p.text); free(p.end);
}
static void responses_stream(exchange *x) {
    responses_flow s = { x, 0 };
    int item = 0;
    chat_headers(x);
    responses_object_event(&s, "response.created", 0);
    responses_object_event(&s, "response.in_progress", 0);
    if (x->answer.reasoning.n) { responses_stream_reasoning(&s); item++; }
    if (!x->answer.ncalls && !responses_stream_message(&s, item)) return;
    for (int k = 0; k < x->answer.ncalls; k++) responses_stream_call(&s, item + k, &x->answer.calls[k]);
    if (x->b.no_terminal || x->b.no_done) return;
    responses_object_event(&s, x->b.finish[0] || x->answer.finish == FINISH_LENGTH ? "response.incomplete" : "response.completed", 1);
}
static void responses_stream_error(exchange *x) {
    responses_flow s = { x, 900 };
    responses_event(&s, "error", "\"code\":\"server_error\",\"message\":\"The server had an error while processing your request.\",\"param\":null,");
    responses_event(&s, "response.failed", "\"response\":{\"id\":\"resp_loopback%d\",\"object\":\"response\",\"status\":\"failed\",\"error\":{\"code\":\"server_error\",\"message\":\"The same again.\"},\"output\":[],\"usage\":null},", (long)x->number);
}
static const dialect responses_dialect = { "openai_responses", "text/event-stream; charset=utf-8", chat_auth, responses_read, responses_unary, responses_stream, responses_stream_error, chat_error };
#endif
