/* gemini.h - Gemini's generateContent and streamGenerateContent, with alt=sse or as one JSON array, on the Gemini API (x-goog-api-key) and on Vertex AI (a
 * bearer token, /publishers/google/). Signatures are made from what they stand with, so one that comes back on another part is found without keeping any state. */
#ifndef LOOPBACK_GEMINI_H
#define LOOPBACK_GEMINI_H
#include "messages.h"

#define GEMINI_SKIP "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I="       /* for calls that another model made */

/* ---- errors and auth ------------------------------------------------------------------------------------------ */
static const char *gemini_status(int status) {
    static const struct { int status; const char *name; } rows[] = { { 400, "INVALID_ARGUMENT" }, { 401, "UNAUTHENTICATED" }, { 403, "PERMISSION_DENIED" }, { 404, "NOT_FOUND" },
        { 429, "RESOURCE_EXHAUSTED" }, { 499, "CANCELLED" }, { 500, "INTERNAL" }, { 503, "UNAVAILABLE" }, { 504, "DEADLINE_EXCEEDED" } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) if (rows[i].status == status) return rows[i].name;
    return status >= 500 ? "INTERNAL" : "INVALID_ARGUMENT";
}
static void gemini_error(exchange *x, int status, const char *param, const char *code, const char *message) {
    buf *o = &x->reply.body;
    (void)param;
    start_reply(x, status, "application/json; charset=UTF-8");
    say(o, "{\n  \"error\": {\n    \"code\": %d,\n    \"message\": %q,\n    \"status\": %q", (long)status, message, gemini_status(status));
    if (code) say(o, ",\n    \"details\": [\n      {\n        \"@type\": \"type.googleapis.com/google.rpc.ErrorInfo\",\n        \"reason\": %q\n      }\n    ]", code);
    else if (status == 429) put_text(o, ",\n    \"details\": [\n      {\n        \"@type\": \"type.googleapis.com/google.rpc.RetryInfo\",\n        \"retryDelay\": \"2s\"\n      }\n    ]");
    put_text(o, "\n  }\n}\n");
}
static int gemini_is_vertex(const exchange *x) { return strstr(x->path, "/publishers/google/") != NULL; }

static int gemini_auth(exchange *x) {
    const char *key = gemini_is_vertex(x) ? bearer_of(x) : header(&x->req, "x-goog-api-key");
    if (strstr(x->req.target, "?key=") || strstr(x->req.target, "&key=")) return fail(x, 400, NULL, NULL, "a key in the URL ends up in logs: this server takes it in x-goog-api-key only");
    if (key && *key && !is_bad_key(key)) return 1;
    if (x->b.no_auth && !key) return 1;
    if (gemini_is_vertex(x)) return fail(x, 401, NULL, "CREDENTIALS_MISSING", "Request is missing required authentication credential. Expected OAuth 2 access token, login cookie or other valid authentication credential.");
    if (key && *key) return fail(x, 400, NULL, "API_KEY_INVALID", "API key not valid. Please pass a valid API key.");
    return fail(x, 403, NULL, NULL, "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other form of API consumer identity to call this API.");
}

/* ---- reading: parts ------------------------------------------------------------------------------------------- */
typedef struct {
    const json *m, *before;         /* the content, and the one before it */
    const char *role;
    long i;
    int current;                    /* behind the user's last text: its calls must be signed */
    buf said;                       /* text of this content's parts so far */
    int calls;                      /* its calls so far */
} gemini_turn;

static int gemini_unknown(exchange *x, const json *o, const char *const *known, const char *where) {
    for (const json *m = is_kind(o, J_OBJECT) ? o->first : NULL; m && !x->b.lax; m = m->next)
        if (!is_known(known, m->key, m->nkey)) { fail(x, 400, NULL, NULL, "Invalid JSON payload received. Unknown name \"%v\"%s: Cannot find field.", m->key, m->nkey, where); return 1; }
    return 0;
}
static int gemini_signature(exchange *x, const json *given, const char *s, size_t n) {
    char right[80];
    seal(s, n, "", right);
    return is_text(given, right) || fail(x, 400, NULL, NULL, "Corrupted thought signature.");
}
/* of a call: name and arguments, blanks aside, for JSON may be printed anew */
static void gemini_sign_call(const char *name, size_t n, const char *args, size_t nargs, char out[80]) {
    buf all = { 0 };
    put(&all, name, n);
    for (size_t i = 0; i < nargs; i++) if (!is_space(args[i])) put_char(&all, args[i]);
    seal(all.p, all.n, "", out);
    buf_free(&all);
}
static int gemini_call(exchange *x, const json *p, gemini_turn *t) {
    const json *c = json_get(p, "functionCall"), *name = json_get(c, "name"), *args = json_get(c, "args"), *given = json_get(p, "thoughtSignature");
    static const char *const known[] = { "id", "name", "args", NULL };
    char right[80];
    int own = 0;
    if (gemini_unknown(x, c, known, " at 'contents.parts.function_call'")) return 0;
    if (!is_kind(name, J_STRING) || !name->n) return fail(x, 400, NULL, NULL, "* GenerateContentRequest.contents[%d].parts.function_call.name: Name cannot be empty.", t->i);
    if (args && args->kind != J_OBJECT) return fail(x, 400, NULL, NULL, "Invalid value at 'contents[%d].parts.function_call.args' (type.googleapis.com/google.protobuf.Struct)", t->i);
    if (strcmp(t->role, "model")) return fail(x, 400, NULL, NULL, "Please ensure that function call turn comes immediately after a user turn or after a function response turn.");
    if (args) x->ask.words_in += count_words(args->raw, args->nraw);
    if ((!given || is_text(given, GEMINI_SKIP)) && !t->calls && is_thought(json_text(json_get(c, "id"), ""), "")) given = NULL, own = 1; /* what is ours needs its own */
    if (!given && !t->calls++ && (t->current || own) && !strncmp(x->ask.model, "gemini-3", 8))
        return fail(x, 400, NULL, NULL, "Function call is missing a thought_signature in functionCall parts. This is required for tools to work correctly. Function call `default_api:%s`, position %d.", name->s, t->i);
    if (given) t->calls++;
    if (!given || is_text(given, GEMINI_SKIP)) return 1;
    gemini_sign_call(name->s, name->n, args ? args->raw : "{}", args ? args->nraw : (size_t)2, right);
    return is_text(given, right) || fail(x, 400, NULL, NULL, "Corrupted thought signature.");
}
/* the call in the content before that a result is of: by id, else the first of that name */
static const json *gemini_call_of(const json *before, const json *result) {
    const json *parts = json_get(before, "parts"), *id = json_get(result, "id"), *name = json_get(result, "name");
    for (const json *p = is_kind(parts, J_ARRAY) ? parts->first : NULL; p; p = p->next) {
        const json *c = json_get(p, "functionCall"), *own = json_get(c, "id");
        if (c && is_kind(name, J_STRING) && is_text(json_get(c, "name"), name->s) && (!id ? !own : is_kind(id, J_STRING) && is_text(own, id->s))) return c;
    }
    return NULL;
}
static long gemini_count(const json *content, const char *kind) {
    const json *parts = json_get(content, "parts");
    long n = 0;
    for (const json *p = is_kind(parts, J_ARRAY) ? parts->first : NULL; p; p = p->next) n += json_get(p, kind) != NULL;
    return n;
}
static int gemini_result(exchange *x, const json *p, gemini_turn *t) {
    const json *r = json_get(p, "functionResponse"), *response = json_get(r, "response"), *output = json_get(response, "output");
    static const char *const known[] = { "id", "name", "response", "parts", NULL };
    if (gemini_unknown(x, r, known, " at 'contents.parts.function_response'")) return 0;
    if (!is_kind(json_get(r, "name"), J_STRING) || !json_get(r, "name")->n) return fail(x, 400, NULL, NULL, "* GenerateContentRequest.contents[%d].parts.function_response.name: Name cannot be empty.", t->i);
    if (!is_kind(response, J_OBJECT)) return fail(x, 400, NULL, NULL, "Invalid value at 'contents[%d].parts.function_response.response' (type.googleapis.com/google.protobuf.Struct)", t->i);
    if (strcmp(t->role, "user")) return fail(x, 400, NULL, NULL, "Please ensure that function response turn comes immediately after a function call turn.");
    if (gemini_count(t->before, "functionCall") != gemini_count(t->m, "functionResponse"))
        return fail(x, 400, NULL, NULL, "Please ensure that the number of function response parts is equal to the number of function call parts of the function call turn.");
    if (!gemini_call_of(t->before, r)) return fail(x, 400, NULL, NULL, "Please ensure that function response turn comes immediately after a function call turn: no call is named %s.", json_get(r, "name")->s);
    x->ask.has_result = 1;
    if (is_kind(output, J_STRING)) { heard(&x->ask, &x->ask.result, output); return 1; }
    if (x->ask.result.n) put_char(&x->ask.result, '\n');
    put(&x->ask.result, response->raw, response->nraw);
    x->ask.words_in += count_words(response->raw, response->nraw);
    return 1;
}
static int gemini_blob(exchange *x, const json *p, const gemini_turn *t) {
    const json *b = json_get(p, "inlineData"), *f = json_get(p, "fileData"), *data = json_get(b, "data");
    x->ask.images++;
    if (f) return is_kind(json_get(f, "fileUri"), J_STRING) || fail(x, 400, NULL, NULL, "* GenerateContentRequest.contents[%d].parts.file_data.file_uri: required", t->i);
    if (!is_kind(json_get(b, "mimeType"), J_STRING) || !strchr(json_get(b, "mimeType")->s, '/')) return fail(x, 400, NULL, NULL, "Unsupported MIME type: %s", json_text(json_get(b, "mimeType"), ""));
    return (is_kind(data, J_STRING) && is_base64(data->s, data->n)) || fail(x, 400, NULL, NULL, "Invalid value at 'contents[%d].parts.inline_data.data' (TYPE_BYTES), Base64 decoding failed", t->i);
}
/* the signature of text is of its own; that of an empty text of all before it in this content */
static int gemini_text(exchange *x, const json *p, gemini_turn *t) {
    const json *text = json_get(p, "text"), *given = json_get(p, "thoughtSignature");
    int user = !strcmp(t->role, "user");
    if (text->kind != J_STRING) return fail(x, 400, NULL, NULL, "Invalid value at 'contents[%d].parts.text' (TYPE_STRING)", t->i);
    if (!text->n && !given) return fail(x, 400, NULL, NULL, "* GenerateContentRequest.contents[%d].parts: contents.parts must not be empty.", t->i);
    if (is_true(json_get(p, "thought"))) return !user || fail(x, 400, NULL, NULL, "a user does not think");
    if (given && !gemini_signature(x, given, text->n ? text->s : t->said.p ? t->said.p : "", text->n ? text->n : t->said.n)) return 0;
    put(&t->said, text->s, text->n);
    heard(&x->ask, user ? &x->ask.user : NULL, text);
    return 1;
}
static int gemini_part(exchange *x, const json *p, gemini_turn *t) {
    static const char *const known[] = { "text", "thought", "thoughtSignature", "inlineData", "fileData", "functionCall", "functionResponse", "executableCode", "codeExecutionResult", "videoMetadata", NULL };
    static const char *const kinds[] = { "text", "inlineData", "fileData", "functionCall", "functionResponse", "executableCode", "codeExecutionResult" };
    int n = 0;
    if (p->kind != J_OBJECT) return fail(x, 400, NULL, NULL, "Invalid value at 'contents[%d].parts' (type.googleapis.com/google.ai.generativelanguage.v1.Part)", t->i);
    if (gemini_unknown(x, p, known, " at 'contents.parts'")) return 0;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) n += json_get(p, kinds[i]) != NULL;
    if (n != 1) return fail(x, 400, NULL, NULL, "* GenerateContentRequest.contents[%d].parts[0].data: required oneof field 'data' must have one initialized field", t->i);
    if (json_get(p, "text")) return gemini_text(x, p, t);
    if (json_get(p, "functionCall")) return gemini_call(x, p, t);
    if (json_get(p, "functionResponse")) return gemini_result(x, p, t);
    return json_get(p, "executableCode") || json_get(p, "codeExecutionResult") || gemini_blob(x, p, t);
}

/* ---- reading: contents ---------------------------------------------------------------------------------------- */
static int gemini_parts(exchange *x, gemini_turn *t) {
    const json *parts = json_get(t->m, "parts");
    if (!is_kind(parts, J_ARRAY) || !parts->first) return fail(x, 400, NULL, NULL, "* GenerateContentRequest.contents[%d].parts: contents.parts must not be empty.", t->i);
    for (const json *p = parts->first; p; p = p->next) if (!gemini_part(x, p, t)) return 0;
    if (gemini_count(t->before, "functionCall") && !gemini_count(t->m, "functionResponse") && !strcmp(t->role, "user"))
        return fail(x, 400, NULL, NULL, "Please ensure that the number of function response parts is equal to the number of function call parts of the function call turn.");
    return 1;
}
/* where the user last said something: calls behind it belong to the current turn */
static const json *gemini_last_user(const json *all) {
    const json *last = NULL;
    for (const json *m = all->first; m; m = m->next) if (is_text(json_get(m, "role"), "user") && !gemini_count(m, "functionResponse")) last = m;
    return last;
}
static int gemini_contents(exchange *x) {
    const json *all = json_get(x->body, "contents"), *before = NULL;
    static const char *const known[] = { "role", "parts", NULL };
    ask *a = &x->ask;
    long i = 0;
    int current = 0, good = 1;
    if (!is_kind(all, J_ARRAY) || !all->first) return fail(x, 400, NULL, NULL, "* GenerateContentRequest.contents: contents is not specified");
    for (const json *m = all->first, *last = gemini_last_user(all); m && good; before = m, m = m->next, i++) {
        gemini_turn t = { m, before, json_text(json_get(m, "role"), "user"), i, current, { 0, 0, 0, 0 }, 0 };
        size_t old = a->user.n;
        if (gemini_unknown(x, m, known, " at 'contents'")) return 0;
        if (strcmp(t.role, "user") && strcmp(t.role, "model")) return fail(x, 400, NULL, NULL, "Please use a valid role: user, model.");
        a->has_result = 0; a->result.n = 0;
        good = gemini_parts(x, &t);
        buf_free(&t.said);
        if (old && a->user.n > old) { memmove(a->user.p, a->user.p + old + 1, a->user.n - old - 1); a->user.n -= old + 1; }
        current |= m == last;
    }
    return good;
}

/* ---- reading: the rest ---------------------------------------------------------------------------------------- */
static int gemini_system(exchange *x) {
    const json *s = json_get(x->body, "systemInstruction"), *parts = json_get(s, "parts");
    if (!s) return 1;
    if (!is_kind(parts, J_ARRAY) || !parts->first) return fail(x, 400, NULL, NULL, "* GenerateContentRequest.system_instruction.parts: must not be empty");
    for (const json *p = parts->first; p; p = p->next) {
        if (!is_kind(json_get(p, "text"), J_STRING)) return fail(x, 400, NULL, NULL, "system_instruction: only text is supported");
        heard(&x->ask, NULL, json_get(p, "text"));
    }
    return 1;
}
static int gemini_tools(exchange *x) {
    const json *all = json_get(x->body, "tools");
    static const char *const known[] = { "name", "description", "parameters", "parametersJsonSchema", "response", "responseJsonSchema", "behavior", NULL };
    ask *a = &x->ask;
    if (all && all->kind != J_ARRAY) return fail(x, 400, NULL, NULL, "Invalid value at 'tools'");
    for (const json *t = all ? all->first : NULL; t; t = t->next) {
        const json *list = json_get(t, "functionDeclarations");
        for (const json *f = is_kind(list, J_ARRAY) ? list->first : NULL; f; f = f->next) {
            const json *name = json_get(f, "name"), *schema = json_get(f, "parametersJsonSchema");
            if (gemini_unknown(x, f, known, " at 'tools[0].function_declarations'")) return 0;
            if (!is_kind(name, J_STRING) || !is_name(name->s, name->n, 64)) return fail(x, 400, NULL, NULL, "* GenerateContentRequest.tools[0].function_declarations[%d].name: Invalid function name.", (long)a->ntools);
            if (schema && schema->kind != J_OBJECT) return fail(x, 400, NULL, NULL, "* GenerateContentRequest.tools[0].function_declarations[%d].parameters_json_schema: must be an object", (long)a->ntools);
            if (a->ntools == MAX_TOOLS) return fail(x, 400, NULL, NULL, "too many tools for this test server");
            a->tools[a->ntools].name = name->s;
            a->tools[a->ntools++].schema = schema ? schema : json_get(f, "parameters");
        }
    }
    return 1;
}
static int gemini_choice(exchange *x) {
    const json *c = json_get(json_get(x->body, "toolConfig"), "functionCallingConfig"), *names = json_get(c, "allowedFunctionNames");
    const char *mode = json_text(json_get(c, "mode"), "AUTO");
    ask *a = &x->ask;
    if (names && strcmp(mode, "ANY") && strcmp(mode, "VALIDATED")) return fail(x, 400, NULL, NULL, "* GenerateContentRequest.tool_config.function_calling_config.allowed_function_names: Only supported in ANY mode.");
    if (!strcmp(mode, "AUTO") || !strcmp(mode, "VALIDATED")) return 1;
    if (!strcmp(mode, "NONE")) { a->choice = CHOICE_NONE; return 1; }
    if (strcmp(mode, "ANY")) return fail(x, 400, NULL, NULL, "Invalid value at 'tool_config.function_calling_config.mode' (type.googleapis.com/google.ai.generativelanguage.v1.FunctionCallingConfig.Mode), \"%s\"", mode);
    if (!a->ntools) return fail(x, 400, NULL, NULL, "Function calling config is set without function_declarations.");
    a->choice = names ? CHOICE_NAMED : CHOICE_REQUIRED;
    a->chosen = names && names->first ? json_text(names->first, "") : NULL;
    for (int i = 0; names && i < a->ntools; i++) if (a->chosen && !strcmp(a->chosen, a->tools[i].name)) return 1;
    return !names || fail(x, 400, NULL, NULL, "* GenerateContentRequest.tool_config.function_calling_config.allowed_function_names: allowed_function_names should be a subset of declared functions.");
}
static int gemini_thinking(exchange *x, const json *t) {
    const json *level = json_get(t, "thinkingLevel"), *budget = json_get(t, "thinkingBudget");
    static const char *const known[] = { "includeThoughts", "thinkingLevel", "thinkingBudget", NULL };
    static const char *const levels[] = { "minimal", "low", "medium", "high", "MINIMAL", "LOW", "MEDIUM", "HIGH", NULL };
    if (!t) return 1;
    if (gemini_unknown(x, t, known, " at 'generation_config.thinking_config'")) return 0;
    if (level && budget) return fail(x, 400, NULL, NULL, "You can only set only one of thinking budget and thinking level.");
    if (strstr(x->ask.model, "-2.0") || strstr(x->ask.model, "-1.5")) return fail(x, 400, NULL, NULL, "Thinking is not enabled for models/%s", x->ask.model);
    if (level && strstr(x->ask.model, "-2.5")) return fail(x, 400, NULL, NULL, "Thinking level is not supported for this model.");
    if (level && (level->kind != J_STRING || !is_known(levels, level->s, level->n))) return fail(x, 400, NULL, NULL, "Invalid value at 'generation_config.thinking_config.thinking_level'");
    if (budget && (!is_whole(budget) || budget->number < -1 || budget->number > 32768)) return fail(x, 400, NULL, NULL, "The thinking budget is invalid. Please choose a value between 0 and 24576.");
    if (budget && budget->number < 1 && budget->number > -1 && (strstr(x->ask.model, "pro") || !strncmp(x->ask.model, "gemini-3", 8)))
        return fail(x, 400, NULL, NULL, "Budget 0 is invalid. This model only works in thinking mode.");
    x->ask.think = is_true(json_get(t, "includeThoughts"));
    return 1;
}
static int gemini_format(exchange *x, const json *c) {
    const json *mime = json_get(c, "responseMimeType"), *schema = json_get(c, "responseJsonSchema");
    if (mime && !is_text(mime, "application/json") && !is_text(mime, "text/plain")) return fail(x, 400, NULL, NULL, "* GenerateContentRequest.generation_config.response_mime_type: allowed mimetypes are `text/plain`, `application/json`");
    if (schema && !is_text(mime, "application/json")) return fail(x, 400, NULL, NULL, "Function calling or JSON schema needs response_mime_type: 'application/json'");
    if (schema && schema->kind != J_OBJECT) return fail(x, 400, NULL, NULL, "* GenerateContentRequest.generation_config.response_json_schema: must be an object");
    x->ask.want_json = is_text(mime, "application/json");
    x->ask.schema = schema;
    return 1;
}
static int gemini_config(exchange *x) {
    const json *c = json_get(x->body, "generationConfig"), *max = json_get(c, "maxOutputTokens"), *temperature = json_get(c, "temperature"), *stops = json_get(c, "stopSequences");
    static const char *const known[] = { "stopSequences", "responseMimeType", "responseSchema", "responseJsonSchema", "responseModalities", "candidateCount", "maxOutputTokens", "temperature", "topP", "topK",
        "seed", "presencePenalty", "frequencyPenalty", "responseLogprobs", "logprobs", "speechConfig", "thinkingConfig", "mediaResolution", "imageConfig", NULL };
    if (gemini_unknown(x, c, known, " at 'generation_config'")) return 0;
    if (max && (!is_whole(max) || max->number < 1 || max->number > 1e9)) return fail(x, 400, NULL, NULL, "* GenerateContentRequest.generation_config.max_output_tokens: must be positive");
    if (max) x->ask.max_tokens = (long)max->number;
    if (temperature && (!is_kind(temperature, J_NUMBER) || temperature->number < 0 || temperature->number > 2)) return fail(x, 400, NULL, NULL, "* GenerateContentRequest.generation_config.temperature: temperature must be in the range [0.0, 2.0].");
    for (const json *s = is_kind(stops, J_ARRAY) ? stops->first : NULL; s; s = s->next) {
        if (!is_kind(s, J_STRING) || !s->n || x->ask.nstops == 5) return fail(x, 400, NULL, NULL, "* GenerateContentRequest.generation_config.stop_sequences: at most 5, none of them empty");
        x->ask.stops[x->ask.nstops++] = s->s;
    }
    return gemini_thinking(x, json_get(c, "thinkingConfig")) && gemini_format(x, c);
}

/* ".../v1beta/models/NAME:method": the name decoded, and the method */
static int gemini_path(exchange *x) {
    static const char *const before[] = { "/v1", "/v1beta", "/v1alpha", "/publishers/google" };
    const char *s = strstr(x->path, "/models/"), *colon = strrchr(x->path, ':');
    char name[512];
    size_t n = 0, k = s ? (size_t)(s - x->path) : 0;
    int fits = 0;
    for (size_t i = 0; s && i < sizeof before / sizeof *before; i++) { size_t w = strlen(before[i]); fits |= k >= w && !memcmp(s - w, before[i], w); }
    if (!fits || !colon || colon < s + 8) return fail(x, 404, NULL, NULL, "The requested URL was not found on this server.");
    for (s += 8; s < colon && n < sizeof name - 1; s++) {
        unsigned int c = (unsigned char)*s;
        if (c == '/' || c == ':') return fail(x, 404, NULL, NULL, "The requested URL was not found on this server.");
        if (c == '%' && colon - s > 2 && sscanf(s + 1, "%2x", &c) == 1) s += 2;
        name[n++] = (char)c;
    }
    x->ask.model = take_text(&x->mem, name, n);
    x->ask.stream = !strcmp(colon, ":streamGenerateContent");
    return n || fail(x, 400, NULL, NULL, "* GenerateContentRequest.model: unexpected model name format");
}
static int gemini_read(exchange *x) {
    static const char *const known[] = { "contents", "systemInstruction", "generationConfig", "tools", "toolConfig", "safetySettings", "cachedContent", "labels", NULL };
    const char *why = "it is not an object"; size_t where = 0;
    if (!gemini_path(x)) return 0;
    if (!is_json_type(x)) return fail(x, 400, NULL, NULL, "Invalid JSON payload received: the content type is not application/json");
    x->body = json_parse(&x->mem, x->req.body, x->req.nbody, &why, &where);
    if (!is_kind(x->body, J_OBJECT)) return fail(x, 400, NULL, NULL, "Invalid JSON payload received. %s: byte %d", why, (long)where);
    if (is_missing_model(x->ask.model)) return fail(x, 404, NULL, NULL, "models/%s is not found for API version v1, or is not supported for generateContent. Call ListModels to see the list of available models and their supported methods.", x->ask.model);
    x->ask.choices = 1;
    return !gemini_unknown(x, x->body, known, "") && gemini_config(x) && gemini_system(x) && gemini_contents(x) && gemini_tools(x) && gemini_choice(x);
}

/* ---- writing -------------------------------------------------------------------------------------------------- */
static int gemini_signs(const exchange *x) { return x->answer.reasoning.n || !strncmp(x->ask.model, "gemini-3", 8); }

static const char *gemini_finish(const exchange *x) {
    static const char *const names[] = { "STOP", "MAX_TOKENS", "STOP", "STOP", "SAFETY" };
    return x->b.finish[0] ? x->b.finish : names[x->answer.finish];
}
static void gemini_put_call(exchange *x, buf *o, int i) {
    const call *c = &x->answer.calls[i];
    size_t n; const char *args = call_object(x, c, &n);
    char signature[80], id[16];
    say(o, "{\"functionCall\": {\"name\": %q,\"args\": %v", c->name, args, n);
    if (!strncmp(x->ask.model, "gemini-3", 8)) {
        snprintf(id, sizeof id, "%s%05lx", x->answer.reasoning.n ? THOUGHT : "fc_", (x->number * MAX_CALLS + (unsigned long)i) & 0xfffffu);
        say(o, ",\"id\": %q", id);
    }
    put_char(o, '}');
    if (!i && gemini_signs(x)) {
        gemini_sign_call(c->name, strlen(c->name), args, n, signature);
        say(o, ",\"thoughtSignature\": %q", signature);
    }
    put_char(o, '}');
}
static void gemini_put_usage(exchange *x, buf *o, long out) {
    const answer *w = &x->answer;
    say(o, "\"usageMetadata\": {\"promptTokenCount\": %d", w->in);
    if (w->cached) say(o, ",\"cachedContentTokenCount\": %d", w->cached);
    if (out) say(o, ",\"candidatesTokenCount\": %d", out);
    say(o, ",\"totalTokenCount\": %d,\"promptTokensDetails\": [{\"modality\": \"TEXT\",\"tokenCount\": %d}]", w->in + out + w->out_reasoning, w->in);
    if (w->out_reasoning) say(o, ",\"thoughtsTokenCount\": %d", w->out_reasoning);
    put_text(o, "}");
}
/* an object of the stream, or the whole reply; finish NULL: there is more to come */
static void gemini_put(exchange *x, buf *o, const char *parts, size_t n, const char *finish, long out) {
    say(o, "{\"candidates\": [{\"content\": {\"parts\": [%v],\"role\": \"model\"}", parts, n);
    if (finish) say(o, ",\"finishReason\": %q", finish);
    put_text(o, ",\"index\": 0}],");
    gemini_put_usage(x, o, out);
    say(o, ",\"modelVersion\": %q,\"responseId\": \"loopback%d\"}", x->ask.model, (long)x->number);
}
static void gemini_unary(exchange *x) {
    const answer *w = &x->answer;
    const buf *t = &w->text.text, *r = &w->reasoning.text;
    char signature[80];
    buf parts = { 0 };
    if (r->n) say(&parts, "{\"text\": %j,\"thought\": true}", r->p, r->n);
    if (t->n) {
        say(&parts, "%s{\"text\": %j", parts.n ? "," : "", t->p, t->n);
        seal(t->p, t->n, "", signature);
        if (gemini_signs(x)) say(&parts, ",\"thoughtSignature\": %q", signature);
        put_char(&parts, '}');
    }
    for (int i = 0; i < w->ncalls; i++) { if (parts.n) put_char(&parts, ','); gemini_put_call(x, &parts, i); }
    start_reply(x, 200, "application/json; charset=UTF-8");
    gemini_put(x, &x->reply.body, parts.n ? parts.p : "", parts.n, gemini_finish(x), w->out - w->out_reasoning);
    buf_free(&parts);
}

/* ---- writing a stream ----------------------------------------------------------------------------------------- */
static int gemini_is_sse(const exchange *x) { return strstr(x->req.target, "alt=sse") && !x->b.json_array; }

static void gemini_event(exchange *x, const char *object, size_t n) {
    buf *o = &x->reply.body;
    if (gemini_is_sse(x)) say(o, "data: %v\r\n\r\n", object, n);
    else say(o, "%s%v", o->n ? ",\r\n" : "[", object, n);
    event_end(x);
}
static void gemini_piece(exchange *x, const char *finish, long out, const char *f, ...) {
    buf parts = { 0 }, o = { 0 };
    va_list ap;
    va_start(ap, f);
    say_list(&parts, f, ap);
    va_end(ap);
    gemini_put(x, &o, parts.n ? parts.p : "", parts.n, finish, out);
    gemini_event(x, o.p, o.n);
    buf_free(&parts); buf_free(&o);
}
static void gemini_stream(exchange *x) {
    const answer *w = &x->answer;
    const pieces *r = &w->reasoning, *t = &w->text;
    char signature[80];
    if (!gemini_is_sse(x)) x->reply.type = "application/json; charset=UTF-8";
    for (int i = 0; i < r->n; i++) { size_t n; const char *s = piece(r, i, &n); gemini_piece(x, NULL, 0, "{\"text\": %j,\"thought\": true}", s, n); }
    for (int i = 0; i <= t->n; i++) {
        if (mid_stream(x, i == t->n && i < 2 ? 2 : i)) return;
        if (i < t->n) { size_t n; const char *s = piece(t, i, &n); gemini_piece(x, NULL, i + 1, "{\"text\": %j}", s, n); }
    }
    for (int i = 0; i < w->ncalls; i++) {
        buf c = { 0 };
        gemini_put_call(x, &c, i);
        gemini_piece(x, NULL, i + 1, "%v", c.p, c.n);
        buf_free(&c);
    }
    if (x->b.no_terminal) return;
    seal(t->text.n ? t->text.p : "", t->text.n, "", signature);
    if (gemini_signs(x) && !w->ncalls) gemini_piece(x, gemini_finish(x), w->out - w->out_reasoning, "{\"text\": \"\",\"thoughtSignature\": %q}", signature);
    else gemini_piece(x, gemini_finish(x), w->out - w->out_reasoning, "{\"text\": \"\"}");
    if (gemini_is_sse(x) || x->b.no_done) return;
    put_text(&x->reply.body, "\r\n]\r\n");
    event_end(x);
}
static void gemini_stream_error(exchange *x) {
    static const char error[] = "{\"error\": {\"code\": 503,\"message\": \"The model is overloaded. Please try again later.\",\"status\": \"UNAVAILABLE\"}}";
    gemini_event(x, error, sizeof error - 1);
}
static const dialect gemini_dialect = { "gemini", "text/event-stream", gemini_auth, gemini_read, gemini_unary, gemini_stream, gemini_stream_error, gemini_error };
#endif
