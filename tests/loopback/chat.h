/* chat.h - OpenAI Chat Completions: what api.openai.com checks, answers and streams (OpenAI API reference, chat/create), with
 * reasoning_content as DeepSeek, xAI and llama.cpp send it. */
#ifndef LOOPBACK_CHAT_H
#define LOOPBACK_CHAT_H
#include "answer.h"

/* ---- errors and auth ------------------------------------------------------------------------------------------ */
static const char *chat_error_type(int status, const char *code) {
    if (code && !strcmp(code, "insufficient_quota")) return "insufficient_quota";
    return status == 429 ? "tokens" : status >= 500 ? "server_error" : "invalid_request_error";
}
static void chat_error(exchange *x, int status, const char *param, const char *code, const char *message) {
    start_reply(x, status, "application/json");
    if (!code && status == 429) code = "rate_limit_exceeded";
    say(&x->reply.body, "{\n    \"error\": {\n        \"message\": %q,\n        \"type\": %q,\n        \"param\": ", message, chat_error_type(status, code));
    if (param) put_json(&x->reply.body, param, strlen(param)); else put_text(&x->reply.body, "null");
    put_text(&x->reply.body, ",\n        \"code\": ");
    if (code) put_json(&x->reply.body, code, strlen(code)); else put_text(&x->reply.body, "null");
    put_text(&x->reply.body, "\n    }\n}\n");
    add_header(x, "x-request-id: req_loopback%d", (long)x->number);
}
static int chat_auth(exchange *x) {
    const char *key = bearer_of(x);
    if (x->b.no_auth && !key) return 1;
    if (!key) return fail(x, 401, NULL, NULL, "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth "
        "(i.e. Authorization: Bearer YOUR_KEY).");
    if (!is_bad_key(key)) return 1;
    return fail(x, 401, NULL, "invalid_api_key", "Incorrect API key provided: %v***. You can find your API key at https://platform.openai.com/account/api-keys.", key, (size_t)2);
}

/* ---- reading: messages ---------------------------------------------------------------------------------------- */
static int chat_image(exchange *x, const json *part, long i) {
    const char *url = json_text(json_get(json_get(part, "image_url"), "url"), NULL), *comma;
    x->ask.images++;
    if (!url) return fail(x, 400, "messages", NULL, "Missing required parameter: 'messages[%d].content[].image_url.url'.", i);
    if (!strncmp(url, "https://", 8) || !strncmp(url, "http://", 7)) return 1;
    comma = strchr(url, ',');
    if (strncmp(url, "data:image/", 11) || !comma || comma - url < 7 || memcmp(comma - 7, ";base64", 7) || !is_base64(comma + 1, strlen(comma + 1)))
        return fail(x, 400, "messages", "invalid_image_url", "Invalid 'messages[%d]': expected a http(s) URL or a base64-encoded data URL with an image MIME type.", i);
    return 1;
}
static int chat_content(exchange *x, const json *content, const char *role, long i, buf *to) {
    static const char *const user[] = { "text", "image_url", "input_audio", "file", NULL }, *const other[] = { "text", "refusal", NULL };
    if (is_kind(content, J_STRING)) { heard(&x->ask, to, content); return 1; }
    if (!is_kind(content, J_ARRAY) || !content->first)
        return fail(x, 400, "messages", "invalid_type", "Invalid type for 'messages[%d].content': expected one of a string or array of objects.", i);
    for (const json *p = content->first; p; p = p->next) {
        const char *t = json_text(json_get(p, "type"), "");
        if (!is_known(strcmp(role, "user") ? other : user, t, strlen(t)))
            return fail(x, 400, "messages", "invalid_value", "Invalid value: '%s'. Unsupported content type in a message of role '%s'.", t, role);
        if (!strcmp(t, "text")) {
            if (!is_kind(json_get(p, "text"), J_STRING)) return fail(x, 400, "messages", NULL, "Missing required parameter: 'messages[%d].content[].text'.", i);
            heard(&x->ask, to, json_get(p, "text"));
        }
        if (!strcmp(t, "image_url") && !chat_image(x, p, i)) return 0;
    }
    return 1;
}
static int chat_calls(exchange *x, const json *calls, long i) {
    if (!is_kind(calls, J_ARRAY) || !calls->first) return fail(x, 400, "messages", "invalid_type", "Invalid 'messages[%d].tool_calls': expected a non-empty array.", i);
    for (const json *c = calls->first; c; c = c->next) {
        const json *f = json_get(c, "function");
        if (!is_kind(json_get(c, "id"), J_STRING) || !is_text(json_get(c, "type"), "function") || !is_kind(json_get(f, "name"), J_STRING))
            return fail(x, 400, "messages", NULL, "Missing required parameter in 'messages[%d].tool_calls': id, type and function.name are required.", i);
        if (!is_kind(json_get(f, "arguments"), J_STRING))
            return fail(x, 400, "messages", "invalid_type", "Invalid type for 'messages[%d].tool_calls[].function.arguments': expected a string.", i);
        x->ask.words_in += count_words(json_get(f, "arguments")->s, json_get(f, "arguments")->n);
    }
    return 1;
}
static int chat_answered(const json *made, const json *after) {          /* is there a tool message for it before the next other role? */
    for (const json *m = after; m && is_text(json_get(m, "role"), "tool"); m = m->next) {
        const json *id = json_get(m, "tool_call_id");
        if (is_kind(id, J_STRING) && is_text(json_get(made, "id"), id->s)) return 1;
    }
    return 0;
}
static int chat_was_called(const json *assistant, const char *id) {
    const json *calls = json_get(assistant, "tool_calls");
    for (const json *c = is_kind(calls, J_ARRAY) ? calls->first : NULL; c; c = c->next) if (is_text(json_get(c, "id"), id)) return 1;
    return 0;
}
/* DeepSeek ("Thinking Mode", tool calls): a turn with calls comes back with what was thought, whoever thought it; ours as it was */
static int chat_deepseek(const exchange *x) { return !strncmp(x->ask.model, "deepseek", 8); }
static const char *chat_letters(const exchange *x) { return chat_deepseek(x) ? "call_00_" : "call_"; }   /* of its ids */
static int chat_thought(exchange *x, const json *m, const json *calls, long i) {
    const json *r = json_get(m, "reasoning_content");
    int assistant = is_text(json_get(m, "role"), "assistant"), ours = 0;
    if (!chat_deepseek(x) || is_text(json_get(json_get(x->body, "thinking"), "type"), "disabled")) return 1;
    if (r && (!assistant || r->kind != J_STRING)) return fail(x, 400, NULL, "invalid_request_error", "messages[%d]: `reasoning_content` stands in assistant messages only, and is a string.", i);
    for (const json *c = calls ? calls->first : NULL; c; c = c->next) ours |= is_thought(json_text(json_get(c, "id"), ""), chat_letters(x));
    if (calls && !r) return fail(x, 400, NULL, "invalid_request_error", "Missing `reasoning_content` field in the assistant message at message index %d. For more information, please refer to "
        "https://api-docs.deepseek.com/guides/thinking_mode#tool-calls", i);
    return !ours || is_text(r, thoughts) || fail(x, 400, NULL, "invalid_request_error", "The `reasoning_content` in the thinking mode must be passed back to the API.");
}
static int chat_assistant(exchange *x, const json *m, long i) {
    const json *calls = json_get(m, "tool_calls"), *content = json_get(m, "content");
    if (calls && !chat_calls(x, calls, i)) return 0;
    for (const json *c = calls ? calls->first : NULL; c; c = c->next)
        if (!chat_answered(c, m->next))
            return fail(x, 400, "messages", NULL, "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. "
                "The following tool_call_ids did not have response messages: %s", json_text(json_get(c, "id"), ""));
    if (is_null(content)) return calls || is_kind(json_get(m, "refusal"), J_STRING) ? 1 :
        fail(x, 400, "messages", "invalid_type", "Invalid value for 'content': expected a string, got null. (messages[%d])", i);
    return chat_content(x, content, "assistant", i, NULL);
}
static int chat_tool_message(exchange *x, const json *m, const json *assistant, long i) {
    const char *id = json_text(json_get(m, "tool_call_id"), NULL);
    if (!id) return fail(x, 400, "messages", "missing_required_parameter", "Missing required parameter: 'messages[%d].tool_call_id'.", i);
    if (!assistant || !chat_was_called(assistant, id))
        return fail(x, 400, "messages", NULL, "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'. (messages[%d], '%s')", i, id);
    return chat_content(x, json_get(m, "content"), "tool", i, &x->ask.result);
}
static int chat_messages(exchange *x) {
    static const char *const roles[] = { "system", "developer", "user", "assistant", "tool", NULL };
    const json *all = json_get(x->body, "messages"), *caller = NULL;
    long i = 0;
    if (!all) return fail(x, 400, "messages", "missing_required_parameter", "Missing required parameter: 'messages'.");
    if (!is_kind(all, J_ARRAY)) return fail(x, 400, "messages", "invalid_type", "Invalid type for 'messages': expected an array of objects.");
    if (!all->first) return fail(x, 400, "messages", "empty_array", "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead.");
    for (const json *m = all->first; m; m = m->next, i++) {
        const char *role = json_text(json_get(m, "role"), "");
        int tool_role = !strcmp(role, "tool"), user = !strcmp(role, "user"), ok;
        if (!is_known(roles, role, strlen(role)))
            return fail(x, 400, "messages", "invalid_value", "Invalid value: '%s'. Supported values are: 'system', 'assistant', 'user', 'function', 'tool', and 'developer'. (messages[%d].role)", role, i);
        if (!chat_thought(x, m, json_get(m, "tool_calls"), i)) return 0;
        if (!tool_role) { caller = NULL; x->ask.result.n = 0; }
        x->ask.has_result = tool_role;
        if (user) x->ask.user.n = 0;
        if (!strcmp(role, "assistant")) { caller = m; ok = chat_assistant(x, m, i); }
        else if (tool_role) ok = chat_tool_message(x, m, caller, i);
        else ok = chat_content(x, json_get(m, "content"), role, i, user ? &x->ask.user : NULL);
        if (!ok) return 0;
    }
    return 1;
}

/* ---- reading: tools, formats, the rest ------------------------------------------------------------------------ */
static int strict_problem(const json *s, int depth) {                    /* strict schemas: every object closed, every member required */
    const json *p = json_get(s, "properties"), *more = json_get(s, "additionalProperties");
    if (!is_kind(s, J_OBJECT) || depth > 20) return 0;
    if (is_text(json_get(s, "type"), "object") || p) {
        if (!is_kind(more, J_BOOL) || more->on) return 1;
        for (const json *m = p ? p->first : NULL; m; m = m->next) if (!is_kind(json_get(s, "required"), J_ARRAY) || !is_required(s, m)) return 2;
    }
    for (const json *c = s->first; c; c = c->next) {
        int k = strict_problem(c, depth + 1);
        for (const json *d = is_kind(c, J_ARRAY) ? c->first : NULL; d && !k; d = d->next) k = strict_problem(d, depth + 2);
        if (k) return k;
    }
    return 0;
}
static int chat_strict(exchange *x, const json *schema, const char *what, const char *name, const char *param) {
    int k = strict_problem(schema, 0);
    if (!k) return 1;
    return fail(x, 400, param, strcmp(what, "function") ? NULL : "invalid_function_parameters", "Invalid schema for %s '%s': In context=(), %s", what, name,
        k == 1 ? "'additionalProperties' is required to be supplied and to be false." : "'required' is required to be supplied and to be an array including every key in properties.");
}
static int chat_tools(exchange *x) {
    const json *all = json_get(x->body, "tools");
    ask *a = &x->ask;
    if (!all) return 1;
    if (!is_kind(all, J_ARRAY) || !all->first) return fail(x, 400, "tools", "empty_array", "Invalid 'tools': empty array. Expected an array with minimum length 1.");
    for (const json *t = all->first; t; t = t->next) {
        const json *f = json_get(t, "function"), *name = json_get(f, "name"), *schema = json_get(f, "parameters");
        if (!is_text(json_get(t, "type"), "function")) return fail(x, 400, "tools", "invalid_value", "Invalid value for 'tools[%d].type'. Supported values are: 'function' and 'custom'.", (long)a->ntools);
        if (!is_kind(name, J_STRING)) return fail(x, 400, "tools", "missing_required_parameter", "Missing required parameter: 'tools[%d].function.name'.", (long)a->ntools);
        if (!is_name(name->s, name->n, 64)) return fail(x, 400, "tools", "invalid_value", "Invalid 'tools[%d].function.name': string does not match pattern. Expected '^[a-zA-Z0-9_-]+$'.", (long)a->ntools);
        if (schema && (!is_kind(schema, J_OBJECT) || !is_text(json_get(schema, "type"), "object")))
            return fail(x, 400, "tools", "invalid_function_parameters", "Invalid schema for function '%s': schema must be a JSON Schema of 'type: \"object\"'.", name->s);
        if (is_true(json_get(f, "strict")) && schema && !chat_strict(x, schema, "function", name->s, "tools")) return 0;
        if (a->ntools == MAX_TOOLS) return fail(x, 400, "tools", NULL, "too many tools for this test server");
        a->tools[a->ntools].name = name->s; a->tools[a->ntools++].schema = schema;
    }
    return 1;
}
static int chat_choice(exchange *x) {
    const json *c = json_get(x->body, "tool_choice");
    ask *a = &x->ask;
    if (!c) return 1;
    if (!a->ntools && !is_text(c, "none")) return fail(x, 400, "tool_choice", NULL, "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified.");
    if (is_text(c, "auto")) return 1;
    if (is_text(c, "none")) { a->choice = CHOICE_NONE; return 1; }
    if (is_text(c, "required")) { a->choice = CHOICE_REQUIRED; return 1; }
    a->choice = CHOICE_NAMED;
    a->chosen = json_text(json_get(json_get(c, "function"), "name"), NULL);
    for (int i = 0; a->chosen && i < a->ntools; i++) if (!strcmp(a->chosen, a->tools[i].name)) return 1;
    return fail(x, 400, "tool_choice", NULL, "Invalid value for 'tool_choice': no such tool.");
}
static int chat_format(exchange *x) {
    const json *f = json_get(x->body, "response_format"), *js = json_get(f, "json_schema"), *name = json_get(js, "name");
    if (!f || is_text(json_get(f, "type"), "text")) return 1;
    x->ask.want_json = 1;
    if (is_text(json_get(f, "type"), "json_object")) {
        const json *m = json_get(x->body, "messages");
        int said = 0;
        for (size_t i = 0; i + 4 <= m->nraw && !said; i++) said = same_word(m->raw + i, 4, "json");
        return said ? 1 : fail(x, 400, "messages", NULL, "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.");
    }
    if (!is_text(json_get(f, "type"), "json_schema")) return fail(x, 400, "response_format.type", "invalid_value", "Invalid value for 'response_format.type'. Supported values are: 'text', 'json_object', and 'json_schema'.");
    if (!is_kind(name, J_STRING) || !is_name(name->s, name->n, 64)) return fail(x, 400, "response_format.json_schema.name", "missing_required_parameter", "Missing required parameter: 'response_format.json_schema.name'.");
    x->ask.schema = json_get(js, "schema");
    return !is_true(json_get(js, "strict")) || chat_strict(x, x->ask.schema, "response_format", name->s, "response_format");
}
static int chat_number(exchange *x, const char *name, double least, double most) {
    const json *v = json_get(x->body, name);
    if (is_null(v)) return 1;
    if (!is_kind(v, J_NUMBER)) return fail(x, 400, name, "invalid_type", "Invalid type for '%s': expected a decimal.", name);
    if (v->number >= least && v->number <= most) return 1;
    return fail(x, 400, name, "decimal_out_of_range", "Invalid '%s': %v is out of range.", name, v->raw, v->nraw);
}
static int is_reasoner(const char *m) { return !strncmp(m, "gpt-5", 5) || !strncmp(m, "o1", 2) || !strncmp(m, "o3", 2) || !strncmp(m, "o4", 2); }
static int chat_limits(exchange *x) {
    const json *old = json_get(x->body, "max_tokens"), *max = json_get(x->body, "max_completion_tokens"), *n = json_get(x->body, "n"), *t = json_get(x->body, "temperature");
    if (!is_null(old) && is_reasoner(x->ask.model))
        return fail(x, 400, "max_tokens", "unsupported_parameter", "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.");
    if (is_kind(t, J_NUMBER) && (t->number < 1 || t->number > 1) && is_reasoner(x->ask.model))
        return fail(x, 400, "temperature", "unsupported_value", "Unsupported value: 'temperature' does not support %v with this model. Only the default (1) value is supported.", t->raw, t->nraw);
    if (is_null(max)) max = old;
    if (!is_null(max)) {
        if (!is_whole(max) || max->number < 1 || max->number > 1e9) return fail(x, 400, "max_tokens", "integer_below_min_value", "Invalid 'max_tokens': integer below minimum value. Expected a value >= 1.");
        x->ask.max_tokens = (long)max->number;
    }
    x->ask.choices = is_whole(n) && n->number >= 1 && n->number <= 8 ? (int)n->number : 1;
    return chat_number(x, "temperature", 0, 2) && chat_number(x, "top_p", 0, 1) && chat_number(x, "presence_penalty", -2, 2) && chat_number(x, "frequency_penalty", -2, 2);
}
static int chat_stops(exchange *x) {
    const json *s = json_get(x->body, "stop");
    ask *a = &x->ask;
    if (is_kind(s, J_STRING)) a->stops[a->nstops++] = s->s;
    for (const json *c = is_kind(s, J_ARRAY) ? s->first : NULL; c; c = c->next) {
        if (!is_kind(c, J_STRING) || a->nstops == 4) return fail(x, 400, "stop", NULL, "Invalid 'stop': expected at most 4 strings.");
        a->stops[a->nstops++] = c->s;
    }
    return 1;
}
static int chat_members(exchange *x) {
    static const char *const known[] = { "model", "messages", "audio", "frequency_penalty", "function_call", "functions", "logit_bias", "logprobs", "max_completion_tokens",
        "max_tokens", "metadata", "modalities", "moderation", "n", "parallel_tool_calls", "prediction", "presence_penalty", "prompt_cache_key", "prompt_cache_options",
        "prompt_cache_retention", "reasoning_effort", "response_format", "safety_identifier", "seed", "service_tier", "stop", "store", "stream", "stream_options",
        "temperature", "tool_choice", "tools", "top_logprobs", "top_p", "user", "verbosity", "web_search_options", NULL };
    for (const json *m = x->body->first; m && !x->b.lax; m = m->next)
        if (!is_known(known, m->key, m->nkey) && !(chat_deepseek(x) && m->nkey == 8 && !memcmp(m->key, "thinking", 8)))
            return fail(x, 400, m->key, "unknown_parameter", "Unknown parameter: '%v'.", m->key, m->nkey);
    return 1;
}
static int chat_body(exchange *x) {
    const char *why = "it is not an object"; size_t where = 0;
    if (!is_json_type(x)) return fail(x, 400, NULL, "unsupported_content_type", "Invalid Content-Type header, expected application/json.");
    x->body = json_parse(&x->mem, x->req.body, x->req.nbody, &why, &where);
    if (!is_kind(x->body, J_OBJECT)) return fail(x, 400, NULL, NULL, "We could not parse the JSON body of your request: %s at byte %d.", why, (long)where);
    return 1;
}
static int chat_read(exchange *x) {
    static const char *const efforts[] = { "none", "minimal", "low", "medium", "high", "xhigh", "max", NULL };
    ask *a = &x->ask;
    if (!chat_body(x)) return 0;
    const json *model = json_get(x->body, "model"), *effort = json_get(x->body, "reasoning_effort"), *options = json_get(x->body, "stream_options");
    if (!is_kind(model, J_STRING) || !model->n) return fail(x, 400, NULL, NULL, "you must provide a model parameter");
    a->model = model->s;
    if (is_missing_model(a->model)) return fail(x, 404, NULL, "model_not_found", "The model `%s` does not exist or you do not have access to it.", a->model);
    a->stream = is_true(json_get(x->body, "stream"));
    a->include_usage = is_true(json_get(options, "include_usage"));
    if (!is_null(options) && !a->stream) return fail(x, 400, "stream_options", NULL, "The 'stream_options' parameter is only allowed when 'stream' is enabled.");
    if (!is_null(effort) && !is_known(efforts, json_text(effort, ""), strlen(json_text(effort, ""))))
        return fail(x, 400, "reasoning_effort", "invalid_value", "Invalid value for 'reasoning_effort'.");
    a->think = (!is_null(effort) && !is_text(effort, "none")) || is_text(json_get(json_get(x->body, "thinking"), "type"), "enabled");
    return chat_members(x) && chat_limits(x) && chat_stops(x) && chat_messages(x) && chat_tools(x) && chat_choice(x) && chat_format(x);
}

/* ---- writing -------------------------------------------------------------------------------------------------- */
static const char *chat_finish(const exchange *x) {
    static const char *const names[] = { "stop", "length", "tool_calls", "stop", "stop" };
    return x->b.finish[0] ? x->b.finish : names[x->answer.finish];
}
static void chat_usage(exchange *x, buf *o) {
    const answer *w = &x->answer;
    long out = w->out * x->ask.choices;
    say(o, "{\"prompt_tokens\":%d,\"completion_tokens\":%d,\"total_tokens\":%d,\"prompt_tokens_details\":{\"cached_tokens\":%d,\"audio_tokens\":0},"
        "\"completion_tokens_details\":{\"reasoning_tokens\":%d,\"audio_tokens\":0,\"accepted_prediction_tokens\":0,\"rejected_prediction_tokens\":0}}",
        w->in, out, w->in + out, w->cached, w->out_reasoning * x->ask.choices);
}
static void chat_headers(exchange *x) {
    add_header(x, "x-request-id: req_loopback%d", (long)x->number);
    put_text(&x->reply.head, "openai-processing-ms: 12\r\nopenai-version: 2020-10-01\r\nx-ratelimit-limit-requests: 10000\r\nx-ratelimit-limit-tokens: 200000\r\n"
        "x-ratelimit-remaining-requests: 9999\r\nx-ratelimit-remaining-tokens: 199978\r\nx-ratelimit-reset-requests: 8.64s\r\nx-ratelimit-reset-tokens: 6ms\r\n");
}
static void chat_message(exchange *x, buf *o) {
    const answer *w = &x->answer;
    const buf *t = &w->text.text, *r = &w->reasoning.text;
    put_text(o, "{\"role\":\"assistant\",\"content\":");
    if (w->ncalls || w->finish == FINISH_REFUSAL) put_text(o, "null"); else put_json(o, t->p ? t->p : "", t->n);
    if (r->n) say(o, ",\"reasoning_content\":%j", r->p, r->n);
    if (w->finish == FINISH_REFUSAL) say(o, ",\"refusal\":%j", t->p, t->n); else put_text(o, ",\"refusal\":null");
    for (int i = 0; i < w->ncalls; i++)
        say(o, "%s{\"id\":\"%s%s\",\"type\":\"function\",\"function\":{\"name\":%q,\"arguments\":%j}}", i ? "," : ",\"tool_calls\":[", chat_letters(x), w->calls[i].id, w->calls[i].name,
            w->calls[i].args.p ? w->calls[i].args.p : "", w->calls[i].args.n);
    put_text(o, w->ncalls ? "],\"annotations\":[]}" : ",\"annotations\":[]}");
}
static void chat_unary(exchange *x) {
    buf *o = &x->reply.body;
    start_reply(x, 200, "application/json");
    chat_headers(x);
    say(o, "{\"id\":\"chatcmpl-loopback%d\",\"object\":\"chat.completion\",\"created\":1790000000,\"model\":%q,\"choices\":[", (long)x->number, x->ask.model);
    for (int i = 0; i < x->ask.choices; i++) {
        say(o, "%s{\"index\":%d,\"message\":", i ? "," : "", (long)i);
        chat_message(x, o);
        say(o, ",\"logprobs\":null,\"finish_reason\":%q}", chat_finish(x));
    }
    put_text(o, "],\"usage\":");
    chat_usage(x, o);
    put_text(o, ",\"service_tier\":\"default\",\"system_fingerprint\":\"fp_loopback\"}\n");
}
static void chat_event_head(exchange *x) {
    say(&x->reply.body, "data: {\"id\":\"chatcmpl-loopback%d\",\"object\":\"chat.completion.chunk\",\"created\":1790000000,\"model\":%q,\"service_tier\":\"default\","
        "\"system_fingerprint\":\"fp_loopback\",\"choices\":[", (long)x->number, x->ask.model);
}
/* one chunk; f says the members of the delta */
static void chat_delta(exchange *x, int choice, const char *finish, const char *f, ...) {
    buf *o = &x->reply.body;
    va_list ap;
    chat_event_head(x);
    say(o, "{\"index\":%d,\"delta\":{", (long)choice);
    va_start(ap, f);
    say_list(o, f, ap);
    va_end(ap);
    put_text(o, "},\"logprobs\":null,\"finish_reason\":");
    if (finish) put_json(o, finish, strlen(finish)); else put_text(o, "null");
    put_text(o, x->ask.include_usage ? "}],\"usage\":null}\n\n" : "}]}\n\n");
    event_end(x);
}
static void chat_stream_calls(exchange *x, int choice) {
    for (int i = 0; i < x->answer.ncalls; i++) {
        const call *c = &x->answer.calls[i];
        const char *head = "\"tool_calls\":[{\"index\":%d,\"id\":\"%s%s\",\"type\":\"function\",\"function\":{\"name\":%q,\"arguments\":%j}}]";
        pieces p = { { 0, 0, 0, 0 }, NULL, 0 };
        chat_delta(x, choice, NULL, head, (long)i, chat_letters(x), c->id, c->name, c->args.p ? c->args.p : "", x->b.whole_calls ? c->args.n : (size_t)0);
        if (!x->b.whole_calls) cut_evenly(&p, c->args.p, c->args.n, 5);
        for (int k = 0; k < p.n; k++) {
            size_t n; const char *s = piece(&p, k, &n);
            chat_delta(x, choice, NULL, "\"tool_calls\":[{\"index\":%d,\"function\":{\"arguments\":%j}}]", (long)i, s, n);
        }
        buf_free(&p.text); free(p.end);
    }
}
static int chat_stream_text(exchange *x) {                               /* 0: the stream ends early */
    const answer *w = &x->answer;
    const pieces *r = &w->reasoning, *t = &w->text;
    const char *form = w->finish == FINISH_REFUSAL ? "\"refusal\":%j" : "\"content\":%j";
    for (int i = 0; i < r->n; i++)
        for (int k = 0; k < x->ask.choices; k++) { size_t n; const char *s = piece(r, i, &n); chat_delta(x, k, NULL, "\"content\":null,\"reasoning_content\":%j", s, n); }
    for (int i = 0; i <= t->n; i++) {
        if (mid_stream(x, i == t->n && i < 2 ? 2 : i)) return 0;
        for (int k = 0; k < x->ask.choices && i < t->n; k++) { size_t n; const char *s = piece(t, i, &n); chat_delta(x, k, NULL, form, s, n); }
    }
    return 1;
}
static void chat_stream(exchange *x) {
    buf *o = &x->reply.body;
    chat_headers(x);
    for (int k = 0; k < x->ask.choices; k++) chat_delta(x, k, NULL, x->answer.ncalls || x->answer.finish == FINISH_REFUSAL || x->answer.reasoning.n ?
        "\"role\":\"assistant\",\"content\":null,\"refusal\":null" : "\"role\":\"assistant\",\"content\":\"\",\"refusal\":null");
    if (!chat_stream_text(x)) return;
    for (int k = 0; k < x->ask.choices; k++) chat_stream_calls(x, k);
    if (x->b.no_terminal) return;
    for (int k = 0; k < x->ask.choices; k++) chat_delta(x, k, chat_finish(x), "");
    if (x->ask.include_usage) {
        chat_event_head(x);
        put_text(o, "],\"usage\":");
        chat_usage(x, o);
        put_text(o, "}\n\n");
        event_end(x);
    }
    if (x->b.no_done) return;
    put_text(o, "data: [DONE]\n\n");
    event_end(x);
}
static void chat_stream_error(exchange *x) {
    put_text(&x->reply.body, "data: {\"error\":{\"message\":\"The server had an error while processing your request.\",\"type\":\"server_error\",\"param\":null,\"code\":null}}\n\n");
    event_end(x);
}
static const dialect chat_dialect = { "openai", "text/event-stream; charset=utf-8", chat_auth, chat_read, chat_unary, chat_stream, chat_stream_error, chat_error };

static void chat_models(exchange *x) {
    static const char *const ids[] = { "gpt-4o", "gpt-4o-mini", "gpt-5", "loopback-story" };
    start_reply(x, 200, "application/json");
    chat_headers(x);
    put_text(&x->reply.body, "{\n  \"object\": \"list\",\n  \"data\": [\n");
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
        say(&x->reply.body, "    {\n      \"id\": %q,\n      \"object\": \"model\",\n      \"created\": 1790000000,\n      \"owned_by\": \"loopback\"\n    }%s\n", ids[i], i + 1 < sizeof ids / sizeof *ids ? "," : "");
    put_text(&x->reply.body, "  ]\n}\n");
}
#endif
