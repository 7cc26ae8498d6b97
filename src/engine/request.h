/* From what the caller gave to what an adapter is asked: checks every field, copies what must be copied, fills in the config's defaults. */
#ifndef LLMFI_ENGINE_REQUEST_H
#define LLMFI_ENGINE_REQUEST_H
#include "../base/json_tree.h"
#include "core.h"
#include "media.h"
#include "registered.h"

/* Where in the request a field stands: "messages[3]"; its own name, ".content", comes with it. */
typedef struct llmfi_field {
    llmfi_call *call;
    const char *name;
    int64_t index;                           /* -1: not one of an array */
} llmfi_field;

static llmfi_field llmfi_field_of(llmfi_call *c, const char *name, int64_t index) {
    llmfi_field f;
    f.call = c;
    f.name = name;
    f.index = index;
    return f;
}

/* One field that is wrong: "messages[3].content: what". */
static LLMFI_COLD void llmfi_put_bad_field(const llmfi_field *f, const char *member, const char *what) {
    llmfi_text t = llmfi_error_begin(&f->call->reply.error, LLMF_ERR_ARGUMENT);
    LLMFI_SAY(&t, "llmf_request.");
    llmfi_say_c(&t, f->name);
    if (f->index >= 0) {
        llmfi_say_c(&t, "[");
        llmfi_say_int(&t, f->index);
        llmfi_say_c(&t, "]");
    }
    llmfi_say_c(&t, member);
    LLMFI_SAY(&t, ": ");
    llmfi_say_c(&t, what);
}

static bool llmfi_bad_field(const llmfi_field *f, const char *member, const char *what) {
    llmfi_put_bad_field(f, member, what);
    return false;
}
#if !LLMF_HAS_STRINGS
#define llmfi_bad_field(field, member, what) ((void)(what), llmfi_bad_field((field), (member), ""))
#endif

/* The same of one that is not in an array. */
static LLMFI_COLD void llmfi_put_bad(llmfi_call *c, const char *name, const char *what) {
    llmfi_field f = llmfi_field_of(c, name, -1);
    llmfi_put_bad_field(&f, "", what);
}

static bool llmfi_bad(llmfi_call *c, const char *name, const char *what) {
    llmfi_put_bad(c, name, what);
    return false;
}
#if !LLMF_HAS_STRINGS
#define llmfi_bad(c, name, what) llmfi_bad((c), (name), "")
#endif

static bool llmfi_out_of_memory(llmfi_call *c) {
    return llmfi_error_memory(&c->reply.error);
}

/* `count` things of `size` bytes in the call's arena; NULL with the error. */
static LLMFI_COLD void *llmfi_call_array(llmfi_call *c, size_t count, size_t size) {
    void *at = llmfi_arena_array(&c->arena, count, size);
    if (!at) llmfi_out_of_memory(c);
    return at;
}

/* A text of the request: checked, and copied unless the caller lends it. */
static bool llmfi_take(const llmfi_field *f, const char *member, llmf_str *s) {
    llmfi_call *c = f->call;
    size_t bad = 0;
    if (!s->ptr || !s->len) {
        *s = llmfi_str("", 0);
        return true;
    }
    if (!llmfi_utf8_valid(*s, &bad)) {
        char what[96];
        llmfi_text t = llmfi_text_in(what, sizeof what);
        LLMFI_SAY(&t, "not valid UTF-8 at byte ");
        llmfi_say_int(&t, (int64_t)bad);
        LLMFI_SAY(&t, "; convert the text first");
        return llmfi_bad_field(f, member, what);
    }
    if (c->req.flags & LLMF_BORROW) return true;
    *s = llmfi_arena_copy(&c->arena, *s);
    return !c->arena.failed || llmfi_out_of_memory(c);
}

/* The same for a text that ends with NUL; NULL stays NULL. Always copied: it is short, and the copy ends with NUL too. */
static LLMFI_COLD bool llmfi_take_cstr(const llmfi_field *f, const char *member, const char **text) {
    llmf_str s;
    if (!*text) return true;
    s = llmfi_cstr(*text);
    if (!llmfi_take(f, member, &s)) return false;
    *text = s.ptr;
    return true;
}

/* The same for a text whose length may be 0: up to its NUL. */
static LLMFI_COLD bool llmfi_take_text(const llmfi_field *f, const char *member, const char **text, size_t *len) {
    llmf_str s = llmfi_str(*text, *len || !*text ? *len : llmfi_strlen(*text));
    if (!llmfi_take(f, member, &s)) return false;
    *text = s.ptr;
    *len = s.len;
    return true;
}

#if LLMF_HAS_SCHEMA || LLMF_HAS_EXTRA
/* JSON given as text: parsed into the call's arena. */
static const llmfi_node *llmfi_take_json(const llmfi_field *f, const char *member, const char *text) {
    llmfi_call *c = f->call;
    llmfi_parse_error bad;
    const llmfi_node *node;
    char what[200];
    llmfi_text t;
    memset(&bad, 0, sizeof bad);
    node = llmfi_json_parse(&c->arena, llmfi_cstr(text), &bad, false);
    if (node && node->type == LLMFI_OBJECT) return node;
    if (bad.memory) {
        llmfi_out_of_memory(c);
        return NULL;
    }
    t = llmfi_text_in(what, sizeof what);
    if (node) {
        LLMFI_SAY(&t, "must be a JSON object");
    } else {
        LLMFI_SAY(&t, "not valid JSON at line ");
        llmfi_say_int(&t, bad.line);
        LLMFI_SAY(&t, ", column ");
        llmfi_say_int(&t, bad.column);
        LLMFI_SAY(&t, ": ");
        llmfi_say_c(&t, bad.what);
    }
    (llmfi_bad_field)(f, member, what);
    return NULL;
}
#endif

/* ---- messages ---- */

static bool llmfi_take_tool_calls(const llmfi_field *f, llmf_message *m) {
    llmf_tool_call *calls;
    size_t i;
    if (!m->tool_call_count) return true;
    if (!m->tool_calls) return llmfi_bad_field(f, ".tool_calls", "is NULL but tool_call_count is not 0");
    if (m->role != LLMF_ASSISTANT) return llmfi_bad_field(f, ".tool_calls", "only an assistant message has tool calls");
    calls = (llmf_tool_call *)llmfi_call_array(f->call, m->tool_call_count, sizeof *calls);
    if (!calls) return false;
    for (i = 0; i < m->tool_call_count; i++) {
        llmf_tool_call *to = &calls[i];
        *to = m->tool_calls[i];
        if (!llmfi_take(f, ".tool_calls.id", &to->id) || !llmfi_take(f, ".tool_calls.name", &to->name) || !llmfi_take(f, ".tool_calls.arguments", &to->arguments))
            return false;
        if (!to->name.len) return llmfi_bad_field(f, ".tool_calls.name", "is empty");
        if (!to->arguments.len) to->arguments = LLMFI_LIT("{}");
        to->invalid = !llmfi_json_valid(to->arguments);
    }
    m->tool_calls = calls;
    return true;
}

#if LLMF_HAS_MEDIA
static bool llmfi_take_part(const llmfi_field *f, llmf_part *p) {
    if (p->type < LLMF_PART_TEXT || p->type > LLMF_PART_FILE) return llmfi_bad_field(f, ".parts.type", "is no LLMF_PART_ value");
    if (p->type == LLMF_PART_TEXT) {
        if (!p->text) return llmfi_bad_field(f, ".parts.text", "is NULL in a text part");
        return llmfi_take_text(f, ".parts.text", &p->text, &p->text_len);
    }
    if ((p->data != NULL) + (p->path != NULL) + (p->url != NULL) != 1) return llmfi_bad_field(f, ".parts", "needs exactly one of data, path and url");
    if (!llmfi_take_cstr(f, ".parts.url", &p->url) || !llmfi_take_cstr(f, ".parts.media_type", &p->media_type) ||
        !llmfi_take_cstr(f, ".parts.name", &p->name) || !llmfi_take_cstr(f, ".parts.detail", &p->detail))
        return false;
    return llmfi_media_fill(&f->call->arena, p, &f->call->reply.error);
}

static bool llmfi_take_parts(const llmfi_field *f, llmf_message *m) {
    llmf_part *parts;
    size_t i;
    if (!m->part_count) return true;
    if (!m->parts) return llmfi_bad_field(f, ".parts", "is NULL but part_count is not 0");
    parts = (llmf_part *)llmfi_call_array(f->call, m->part_count, sizeof *parts);
    if (!parts) return false;
    for (i = 0; i < m->part_count; i++) {
        parts[i] = m->parts[i];
        if (!llmfi_take_part(f, &parts[i])) return false;
    }
    m->parts = parts;
    return true;
}
#else
static bool llmfi_take_parts(const llmfi_field *f, const llmf_message *m) {
    return !m->part_count || llmfi_error_left_out(&f->call->reply.error, "llmf_request.messages.parts", "MEDIA");
}
#endif

static bool llmfi_take_message(const llmfi_field *f, llmf_message *m) {
    if (m->role < LLMF_USER || m->role > LLMF_TOOL) return llmfi_bad_field(f, ".role", "is no LLMF_USER, LLMF_ASSISTANT, LLMF_SYSTEM or LLMF_TOOL");
    if (m->role == LLMF_TOOL && !m->tool_call_id.len) return llmfi_bad_field(f, ".tool_call_id", "is empty: a tool message must say which call it answers");
    return llmfi_take_text(f, ".content", &m->content, &m->content_len) && llmfi_take(f, ".state", &m->state) && llmfi_take(f, ".reasoning", &m->reasoning) &&
           llmfi_take(f, ".name", &m->name) && llmfi_take(f, ".tool_call_id", &m->tool_call_id) && llmfi_take_tool_calls(f, m) && llmfi_take_parts(f, m);
}

/* A prompt is one user message. */
static bool llmfi_take_messages(llmfi_call *c) {
    llmf_request *r = &c->req;
    llmf_message *messages;
    llmfi_field f = llmfi_field_of(c, "messages", 0);
    size_t n = r->prompt ? 1 : r->message_count;
    if (llmfi_taken_before(c)) return true;
    if (r->prompt && r->message_count) return llmfi_bad(c, "prompt", "is set together with messages; give one of them");
    if (!n || (!r->prompt && !r->messages)) return llmfi_bad(c, "prompt", "is NULL and there are no messages; set one of them");
    messages = (llmf_message *)llmfi_call_array(c, n, sizeof *messages);
    if (!messages) return false;
    if (r->prompt) {
        messages[0].content = r->prompt;
        messages[0].content_len = r->prompt_len;
    } else {
        memcpy(messages, r->messages, n * sizeof *messages);
    }
    r->messages = messages;
    r->message_count = n;
    r->prompt = NULL;
    for (; n; n--, f.index++)
        if (!llmfi_take_message(&f, messages++)) return false;
    return true;
}

#if LLMF_HAS_CONFIG
/* The config's prefix and suffix go around the newest user message. */
static bool llmfi_wrap_prompt(llmfi_call *c) {
    const llmfi_record *record = &c->prepared->record;
    llmf_message *m = NULL, *messages;
    size_t i;
    llmf_str before = record->prompt_prefix, after = record->prompt_suffix;
    char *to;
    if (!before.len && !after.len) return true;
    messages = (llmf_message *)llmfi_call_array(c, c->req.message_count, sizeof *messages);
    if (!messages) return false;
    memcpy(messages, c->req.messages, c->req.message_count * sizeof *messages); /* another model has other ones */
    c->req.messages = messages;
    for (i = 0; i < c->req.message_count; i++)
        if (messages[i].role == LLMF_USER) m = &messages[i];
    if (!m) return true;
    to = (char *)llmfi_arena_alloc(&c->arena, before.len + m->content_len + after.len + 1);
    if (!to) return llmfi_out_of_memory(c);
    if (before.len) memcpy(to, before.ptr, before.len);
    if (m->content_len) memcpy(to + before.len, m->content, m->content_len);
    if (after.len) memcpy(to + before.len + m->content_len, after.ptr, after.len);
    m->content = to;
    m->content_len += before.len + after.len;
    return true;
}
#else
static bool llmfi_wrap_prompt(const llmfi_call *c) {
    (void)c;
    return true;
}
#endif

/* ---- the rest ---- */

/* auto, none and required are in every dialect. */
static bool llmfi_is_choice(const char *choice) {
    return !choice || llmfi_word_in("auto\0none\0required\0", llmfi_cstr(choice)) >= 0;
}

static bool llmfi_take_tool(const llmfi_field *f, llmf_tool *tool, const llmfi_node **schema) {
    if (!tool->name || !tool->name[0]) return llmfi_bad_field(f, ".name", "is empty");
    if (!llmfi_take_cstr(f, ".name", &tool->name) || !llmfi_take_cstr(f, ".description", &tool->description)) return false;
#if LLMF_HAS_SCHEMA
    if (tool->parameters) *schema = llmfi_take_json(f, ".parameters", tool->parameters);
    return !tool->parameters || *schema;
#else
    (void)schema;
    if (tool->strict) return llmfi_error_left_out(&f->call->reply.error, "llmf_request.tools.strict", "SCHEMA");
    if (!llmfi_take_cstr(f, ".parameters", &tool->parameters)) return false;
    if (!tool->parameters || (llmfi_trim(llmfi_cstr(tool->parameters)).ptr[0] == '{' && llmfi_json_valid(llmfi_cstr(tool->parameters)))) return true;
    return llmfi_bad_field(f, ".parameters", "must be a JSON object");
#endif
}

static bool llmfi_take_tools(llmfi_call *c) {
    llmf_request *r = &c->req;
    llmf_tool *tools;
    const llmfi_node **schemas;
    llmfi_field f = llmfi_field_of(c, "tools", 0);
    bool named;
    if (llmfi_taken_before(c)) return true;
    if (r->tool_choice && !r->tool_choice[0]) r->tool_choice = NULL;
    if (!LLMFI_SMALL && !r->tool_choice && !r->tool_count) return true; /* else the way through does the same */
    named = llmfi_is_choice(r->tool_choice);
    if (r->tool_count && !r->tools) return llmfi_bad(c, "tools", "is NULL but tool_count is not 0");
    tools = (llmf_tool *)llmfi_call_array(c, r->tool_count, sizeof *tools);
    schemas = (const llmfi_node **)llmfi_call_array(c, r->tool_count, sizeof *schemas);
    if (!tools || !schemas) return false;
    for (; (size_t)f.index < r->tool_count; f.index++) {
        tools[f.index] = r->tools[f.index];
        if (!llmfi_take_tool(&f, &tools[f.index], &schemas[f.index])) return false;
        if (!named && llmfi_strcmp(tools[f.index].name, r->tool_choice) == 0) named = true;
    }
    f = llmfi_field_of(c, "tool_choice", -1);
    if (!named) return llmfi_bad_field(&f, "", "names no tool of this request; give auto, none, required or one of their names");
    if (!llmfi_take_cstr(&f, "", &r->tool_choice)) return false;
    if (r->tool_choice && LLMFI_IS(llmfi_cstr(r->tool_choice), "auto")) r->tool_choice = NULL;
    if (r->tool_choice && !r->tool_count) return llmfi_bad_field(&f, "", "is set but there are no tools");
    r->tools = tools;
    c->ask.schemas = schemas;
    return true;
}

#if LLMF_HAS_CONFIG
/* The config's stop sequences, where the request has none. */
static bool llmfi_default_stop(llmfi_call *c) {
    const llmfi_node *stop = c->prepared->record.stop, *item = stop && stop->type == LLMFI_ARRAY ? stop->child : stop;
    const char **to;
    size_t i, n = !stop ? 0 : stop->type == LLMFI_ARRAY ? stop->count : 1;
    if (!n || c->req.stop_count) return true;
    to = (const char **)llmfi_call_array(c, n, sizeof *to);
    if (!to) return false;
    for (i = 0; i < n; i++, item = item->next) to[i] = item->text.ptr;
    c->req.stop = to;
    c->req.stop_count = n;
    return true;
}
#endif

static bool llmfi_take_stop(llmfi_call *c) {
    llmf_request *r = &c->req;
    llmfi_field f = llmfi_field_of(c, "stop", 0);
    const char **to;
#if LLMF_HAS_CONFIG
    if (!llmfi_default_stop(c)) return false;
#endif
    if (!r->stop_count) return true;
    if (!r->stop) return llmfi_bad(c, "stop", "is NULL but stop_count is not 0");
    to = (const char **)llmfi_call_array(c, r->stop_count, sizeof *to);
    if (!to) return false;
    for (; (size_t)f.index < r->stop_count; f.index++) {
        to[f.index] = r->stop[f.index];
        if (!to[f.index] || !to[f.index][0]) return llmfi_bad_field(&f, "", "is empty");
        if (!llmfi_take_cstr(&f, "", &to[f.index])) return false;
    }
    r->stop = to;
    return true;
}

#if LLMF_HAS_REASONING
static bool llmfi_reasoning_ok(const char *text) {
    llmf_str s = llmfi_cstr(text), number;
    int64_t n;
    if (llmfi_word_in("none\0minimal\0low\0medium\0high\0xhigh\0max\0", s) >= 0) return true;
    if (!llmfi_ends(s, LLMFI_LIT(" tokens"))) return false;
    number = llmfi_str(s.ptr, s.len - 7);
    return llmfi_parse_int(number, &n) && n > 0;
}
#endif

static bool llmfi_take_numbers(llmfi_call *c) {
    llmf_request *r = &c->req;
    const llmfi_record *d = &c->prepared->record;
    llmfi_field f;
    if (r->temperature == 0) r->temperature = d->temperature;
    if (r->top_p == 0) r->top_p = d->top_p;
    if (r->max_tokens == 0) r->max_tokens = d->max_tokens;
    if (!r->reasoning && d->reasoning.len) r->reasoning = d->reasoning.ptr;
    if (!(r->temperature == LLMF_ZERO || (r->temperature >= 0 && r->temperature <= 2)))
        return llmfi_bad(c, "temperature", "must be from 0 to 2 (0: the default; LLMF_ZERO: 0)");
    if (!(r->top_p == LLMF_ZERO || (r->top_p >= 0 && r->top_p <= 1))) return llmfi_bad(c, "top_p", "must be from 0 to 1 (0: the default; LLMF_ZERO: 0)");
    if (r->max_tokens < 0) return llmfi_bad(c, "max_tokens", "must not be negative (0: the default)");
    if (r->parallel_tool_calls < LLMF_UNSET || r->parallel_tool_calls > LLMF_NO)
        return llmfi_bad(c, "parallel_tool_calls", "must be LLMF_UNSET, LLMF_YES or LLMF_NO");
#if !LLMF_HAS_REASONING
    if (r->reasoning) return llmfi_error_left_out(&c->reply.error, "llmf_request.reasoning", "REASONING");
#else
    if (r->reasoning && !llmfi_reasoning_ok(r->reasoning))
        return llmfi_bad(c, "reasoning", "must be none, minimal, low, medium, high, xhigh, max or \"N tokens\"");
    f = llmfi_field_of(c, "reasoning", -1);
    if (!llmfi_take_cstr(&f, "", &r->reasoning)) return false;
#endif
    f = llmfi_field_of(c, "user", -1);
    return llmfi_take_cstr(&f, "", &r->user);
}

static bool llmfi_take_format(llmfi_call *c) {
    llmf_request *r = &c->req;
    llmf_str s;
#if LLMF_HAS_SCHEMA
    llmfi_field f;
#endif
    if (llmfi_taken_before(c)) return true;
    s = llmfi_trim(llmfi_cstr(r->format));
    if (!s.len || LLMFI_IS(s, "text")) {
        r->format = NULL;
        return true;
    }
    if (LLMFI_IS(s, "json")) {
        r->format = "json";
        return true;
    }
    if (s.ptr[0] != '{') return llmfi_bad(c, "format", "must be text, json or the text of a JSON Schema");
#if LLMF_HAS_SCHEMA
    f = llmfi_field_of(c, "format", -1);
    c->ask.format = llmfi_take_json(&f, "", r->format);
    return c->ask.format != NULL;
#else
    return llmfi_error_left_out(&c->reply.error, "llmf_request.format", "SCHEMA");
#endif
}

static bool llmfi_take_extra(llmfi_call *c) {
#if LLMF_HAS_EXTRA
    llmfi_field f = llmfi_field_of(c, "extra", -1);
#endif
    if (!c->req.extra || llmfi_taken_before(c)) return true;
#if LLMF_HAS_EXTRA
    c->ask.extra = llmfi_take_json(&f, "", c->req.extra);
    return c->ask.extra != NULL;
#else
    return llmfi_error_left_out(&c->reply.error, "llmf_request.extra", "EXTRA");
#endif
}

static bool llmfi_take_system(llmfi_call *c) {
    llmfi_field f = llmfi_field_of(c, "system", -1);
    return !c->req.system || llmfi_take_text(&f, "", &c->req.system, &c->req.system_len);
}

/* Some dialects demand a limit (their column has a default); none may exceed the model's own. */
static void llmfi_fit_max_tokens(llmfi_call *c) {
    const llmfi_record *d = &c->prepared->record;
    if (c->req.max_tokens == 0) c->req.max_tokens = d->provider->default_max_tokens;
    else if (!LLMF_HAS_RETRY || !c->moved) return; /* as typed; but another model of the chain may not have as many */
    if (d->s.max_output > 0 && c->req.max_tokens > d->s.max_output) c->req.max_tokens = d->s.max_output;
}

/* From here on those of the request are the ones that hold: below 0 none. The first that is set counts: the request's, the model's, the factory's, ours. */
static void llmfi_take_timeouts(llmfi_call *c) {
    static const llmf_timeouts ours = {10000, 300000, 600000, 60000, -1, -1};
    enum { COUNT = sizeof ours / sizeof(int64_t) };
    const llmf_timeouts *from[3];
    int64_t to[COUNT], next[COUNT];
    size_t i, k;
    from[0] = &c->prepared->record.timeouts;
    from[1] = &c->f->desc.timeouts;
    from[2] = &ours;
    memcpy(to, &c->req.timeouts, sizeof to);
    for (i = 0; i < LLMFI_COUNT(from); i++) {
        memcpy(next, from[i], sizeof next);
        for (k = 0; k < COUNT; k++)
            if (!to[k]) to[k] = next[k];
    }
    memcpy(&c->req.timeouts, to, sizeof to);
}

#if LLMF_HAS_RETRY
static bool llmfi_keep(llmfi_call *c);
#else
#define llmfi_keep(c) true
#endif

/* What is said to a model. */
static bool llmfi_take_chat(llmfi_call *c) {
    return llmfi_take_messages(c) && llmfi_take_system(c) && llmfi_take_tools(c) && llmfi_take_stop(c) && llmfi_take_numbers(c) && llmfi_take_format(c) &&
           llmfi_take_extra(c) && llmfi_keep(c) && llmfi_wrap_prompt(c);
}

/* What the adapter says that it cannot be asked; check may be NULL. */
static bool llmfi_take_check(llmfi_call *c, void (*check)(const llmfi_ask *ask, llmfi_refusal *refusal)) {
    llmfi_refusal no;
    if (!check) return true;
    memset(&no, 0, sizeof no);
    check(&c->ask, &no);
    if (no.code != LLMF_OK) (llmfi_error_set)(&c->reply.error, no.code, no.text); /* with the field that it names, STRINGS or not */
    return no.code == LLMF_OK;
}

/* Fills c->req and c->ask from the caller's request. False with the error in c->reply.error. */
LLMFI_UNUSED static bool llmfi_take_request(llmfi_call *c) {
    if (!llmfi_take_chat(c)) return false;
    llmfi_fit_max_tokens(c);
    llmfi_take_timeouts(c);
    return llmfi_take_check(c, llmfi_adapter_of(c)->check);
}

#endif
