/* From what the caller gave to what an adapter is asked: checks every field, copies what must be copied, fills in the config's defaults. */
#ifndef LLMFI_ENGINE_REQUEST_H
#define LLMFI_ENGINE_REQUEST_H
#include "../base/json_tree.h"
#include "core.h"
#include "media.h"

/* One field that is wrong: "messages[3].content: what". */
static bool llmfi_bad_field(llmfi_call *c, const char *field, int64_t index, const char *member, const char *what) {
    llmfi_text t = llmfi_error_begin(&c->reply.error, LLMF_ERR_ARGUMENT);
    LLMFI_SAY(&t, "llmf_request.");
    llmfi_say_c(&t, field);
    if (index >= 0) {
        LLMFI_SAY(&t, "[");
        llmfi_say_int(&t, index);
        LLMFI_SAY(&t, "]");
    }
    llmfi_say_c(&t, member);
    LLMFI_SAY(&t, ": ");
    llmfi_say_c(&t, what);
    return false;
}

static bool llmfi_out_of_memory(llmfi_call *c) {
    return llmfi_error_memory(&c->reply.error);
}

typedef struct llmfi_field {
    const char *name, *member;               /* "messages", ".content" */
    int64_t index;                           /* -1: not one of an array */
} llmfi_field;

static llmfi_field llmfi_field_of(const char *name, int64_t index, const char *member) {
    llmfi_field f;
    f.name = name;
    f.index = index;
    f.member = member;
    return f;
}

/* A text of the request: checked, and copied unless the caller lends it. */
static bool llmfi_take(llmfi_call *c, llmfi_field field, llmf_str *s) {
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
        return llmfi_bad_field(c, field.name, field.index, field.member, what);
    }
    if (c->req.flags & LLMF_BORROW) return true;
    *s = llmfi_arena_copy(&c->arena, *s);
    return !c->arena.failed || llmfi_out_of_memory(c);
}

/* The same for a text that ends with NUL; NULL stays NULL. Always copied: it is short, and the copy ends with NUL too. */
static bool llmfi_take_cstr(llmfi_call *c, llmfi_field field, const char **text) {
    llmf_str s;
    if (!*text) return true;
    s = llmfi_cstr(*text);
    if (!llmfi_take(c, field, &s)) return false;
    *text = s.ptr;
    return true;
}

/* JSON given as text: parsed into the call's arena. */
static const llmfi_node *llmfi_take_json(llmfi_call *c, llmfi_field field, const char *text) {
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
    llmfi_bad_field(c, field.name, field.index, field.member, what);
    return NULL;
}

/* ---- messages ---- */

static bool llmfi_take_tool_calls(llmfi_call *c, int64_t at, llmf_message *m) {
    llmf_tool_call *calls;
    size_t i;
    if (!m->tool_call_count) return true;
    if (!m->tool_calls) return llmfi_bad_field(c, "messages", at, ".tool_calls", "is NULL but tool_call_count is not 0");
    if (m->role != LLMF_ASSISTANT) return llmfi_bad_field(c, "messages", at, ".tool_calls", "only an assistant message has tool calls");
    calls = (llmf_tool_call *)llmfi_arena_array(&c->arena, m->tool_call_count, sizeof *calls);
    if (!calls) return llmfi_out_of_memory(c);
    for (i = 0; i < m->tool_call_count; i++) {
        calls[i] = m->tool_calls[i];
        if (!llmfi_take(c, llmfi_field_of("messages", at, ".tool_calls.id"), &calls[i].id) ||
            !llmfi_take(c, llmfi_field_of("messages", at, ".tool_calls.name"), &calls[i].name) ||
            !llmfi_take(c, llmfi_field_of("messages", at, ".tool_calls.arguments"), &calls[i].arguments))
            return false;
        if (!calls[i].name.len) return llmfi_bad_field(c, "messages", at, ".tool_calls.name", "is empty");
        if (!calls[i].arguments.len) calls[i].arguments = LLMFI_LIT("{}");
        calls[i].invalid = !llmfi_json_valid(calls[i].arguments);
    }
    m->tool_calls = calls;
    return true;
}

static bool llmfi_take_part(llmfi_call *c, int64_t at, llmf_part *p) {
    int sources = (p->data != NULL) + (p->path != NULL) + (p->url != NULL);
    llmf_str text = llmfi_str(p->text, p->text_len ? p->text_len : (p->text ? strlen(p->text) : 0));
    if (p->type < LLMF_PART_TEXT || p->type > LLMF_PART_FILE) return llmfi_bad_field(c, "messages", at, ".parts.type", "is no LLMF_PART_ value");
    if (p->type == LLMF_PART_TEXT) {
        if (!p->text) return llmfi_bad_field(c, "messages", at, ".parts.text", "is NULL in a text part");
        if (!llmfi_take(c, llmfi_field_of("messages", at, ".parts.text"), &text)) return false;
        p->text = text.ptr;
        p->text_len = text.len;
        return true;
    }
    if (sources != 1) return llmfi_bad_field(c, "messages", at, ".parts", "needs exactly one of data, path and url");
    if (!llmfi_take_cstr(c, llmfi_field_of("messages", at, ".parts.url"), &p->url) ||
        !llmfi_take_cstr(c, llmfi_field_of("messages", at, ".parts.media_type"), &p->media_type) ||
        !llmfi_take_cstr(c, llmfi_field_of("messages", at, ".parts.name"), &p->name) ||
        !llmfi_take_cstr(c, llmfi_field_of("messages", at, ".parts.detail"), &p->detail))
        return false;
    return llmfi_media_fill(&c->arena, p, &c->reply.error);
}

static bool llmfi_take_message(llmfi_call *c, int64_t at, llmf_message *m) {
    llmf_str content = llmfi_str(m->content, m->content_len ? m->content_len : (m->content ? strlen(m->content) : 0));
    llmf_part *parts;
    size_t i;
    if (m->role < LLMF_USER || m->role > LLMF_TOOL) return llmfi_bad_field(c, "messages", at, ".role", "is no LLMF_USER, LLMF_ASSISTANT, LLMF_SYSTEM or LLMF_TOOL");
    if (m->role == LLMF_TOOL && !m->tool_call_id.len) return llmfi_bad_field(c, "messages", at, ".tool_call_id", "is empty: a tool message must say which call it answers");
    if (m->part_count && !m->parts) return llmfi_bad_field(c, "messages", at, ".parts", "is NULL but part_count is not 0");
    if (!llmfi_take(c, llmfi_field_of("messages", at, ".content"), &content) || !llmfi_take(c, llmfi_field_of("messages", at, ".state"), &m->state) ||
        !llmfi_take(c, llmfi_field_of("messages", at, ".reasoning"), &m->reasoning) || !llmfi_take(c, llmfi_field_of("messages", at, ".name"), &m->name) ||
        !llmfi_take(c, llmfi_field_of("messages", at, ".tool_call_id"), &m->tool_call_id) || !llmfi_take_tool_calls(c, at, m))
        return false;
    m->content = content.ptr;
    m->content_len = content.len;
    if (!m->part_count) return true;
    parts = (llmf_part *)llmfi_arena_array(&c->arena, m->part_count, sizeof *parts);
    if (!parts) return llmfi_out_of_memory(c);
    for (i = 0; i < m->part_count; i++) {
        parts[i] = m->parts[i];
        if (!llmfi_take_part(c, at, &parts[i])) return false;
    }
    m->parts = parts;
    return true;
}

/* A prompt is one user message. */
static bool llmfi_take_messages(llmfi_call *c) {
    llmf_request *r = &c->req;
    llmf_message *messages;
    size_t i, n = r->prompt ? 1 : r->message_count;
    if (r->prompt && r->message_count) return llmfi_bad_field(c, "prompt", -1, "", "is set together with messages; give one of them");
    if (!n || (!r->prompt && !r->messages)) return llmfi_bad_field(c, "prompt", -1, "", "is NULL and there are no messages; set one of them");
    messages = (llmf_message *)llmfi_arena_array(&c->arena, n, sizeof *messages);
    if (!messages) return llmfi_out_of_memory(c);
    if (r->prompt) {
        messages[0].content = r->prompt;
        messages[0].content_len = r->prompt_len;
    } else {
        memcpy(messages, r->messages, n * sizeof *messages);
    }
    for (i = 0; i < n; i++)
        if (!llmfi_take_message(c, (int64_t)i, &messages[i])) return false;
    r->messages = messages;
    r->message_count = n;
    r->prompt = NULL;
    return true;
}

/* The config's prefix and suffix go around the newest user message. */
static bool llmfi_wrap_prompt(llmfi_call *c) {
    const llmfi_record *record = &c->prepared->record;
    llmf_message *m = NULL;
    size_t i;
    llmf_str before = record->prompt_prefix, after = record->prompt_suffix;
    char *to;
    if (!before.len && !after.len) return true;
    for (i = 0; i < c->req.message_count; i++)
        if (c->req.messages[i].role == LLMF_USER) m = (llmf_message *)(uintptr_t)&c->req.messages[i]; /* our own copy */
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

/* ---- the rest ---- */

static bool llmfi_take_tools(llmfi_call *c) {
    llmf_request *r = &c->req;
    llmf_tool *tools;
    const llmfi_node **schemas;
    bool named = !r->tool_choice || !r->tool_choice[0] || LLMFI_IS(llmfi_cstr(r->tool_choice), "auto") || LLMFI_IS(llmfi_cstr(r->tool_choice), "none") ||
                 LLMFI_IS(llmfi_cstr(r->tool_choice), "required");
    size_t i;
    if (r->tool_count && !r->tools) return llmfi_bad_field(c, "tools", -1, "", "is NULL but tool_count is not 0");
    tools = (llmf_tool *)llmfi_arena_array(&c->arena, r->tool_count, sizeof *tools);
    schemas = (const llmfi_node **)llmfi_arena_array(&c->arena, r->tool_count, sizeof *schemas);
    if (!tools || !schemas) return llmfi_out_of_memory(c);
    for (i = 0; i < r->tool_count; i++) {
        tools[i] = r->tools[i];
        if (!tools[i].name || !tools[i].name[0]) return llmfi_bad_field(c, "tools", (int64_t)i, ".name", "is empty");
        if (!named && strcmp(tools[i].name, r->tool_choice) == 0) named = true;
        if (!llmfi_take_cstr(c, llmfi_field_of("tools", (int64_t)i, ".name"), &tools[i].name) ||
            !llmfi_take_cstr(c, llmfi_field_of("tools", (int64_t)i, ".description"), &tools[i].description))
            return false;
        if (!tools[i].parameters) continue;
        schemas[i] = llmfi_take_json(c, llmfi_field_of("tools", (int64_t)i, ".parameters"), tools[i].parameters);
        if (!schemas[i]) return false;
    }
    if (!named) return llmfi_bad_field(c, "tool_choice", -1, "", "names no tool of this request; give auto, none, required or one of their names");
    if (!llmfi_take_cstr(c, llmfi_field_of("tool_choice", -1, ""), &r->tool_choice)) return false;
    if (r->tool_choice && (!r->tool_choice[0] || LLMFI_IS(llmfi_cstr(r->tool_choice), "auto"))) r->tool_choice = NULL;
    if (r->tool_choice && !r->tool_count) return llmfi_bad_field(c, "tool_choice", -1, "", "is set but there are no tools");
    r->tools = tools;
    c->ask.schemas = schemas;
    return true;
}

static bool llmfi_take_stop(llmfi_call *c) {
    llmf_request *r = &c->req;
    const llmfi_node *stop = c->prepared->record.stop;
    size_t i, n = r->stop_count ? r->stop_count : !stop ? 0 : stop->type == LLMFI_ARRAY ? stop->count : 1;
    const char **to;
    const llmfi_node *item = stop && stop->type == LLMFI_ARRAY ? stop->child : stop;
    if (!n) return true;
    if (r->stop_count && !r->stop) return llmfi_bad_field(c, "stop", -1, "", "is NULL but stop_count is not 0");
    to = (const char **)llmfi_arena_array(&c->arena, n, sizeof *to);
    if (!to) return llmfi_out_of_memory(c);
    for (i = 0; i < n; i++) {
        to[i] = r->stop_count ? r->stop[i] : item->text.ptr;
        if (!r->stop_count) item = item->next;
        if (!to[i] || !to[i][0]) return llmfi_bad_field(c, "stop", (int64_t)i, "", "is empty");
        if (!llmfi_take_cstr(c, llmfi_field_of("stop", (int64_t)i, ""), &to[i])) return false;
    }
    r->stop = to;
    r->stop_count = n;
    return true;
}

static bool llmfi_reasoning_ok(const char *text) {
    static const char *const words[] = {"none", "minimal", "low", "medium", "high", "xhigh", "max"};
    llmf_str s = llmfi_cstr(text), number;
    int64_t n;
    size_t i;
    for (i = 0; i < LLMFI_COUNT(words); i++)
        if (llmfi_eq(s, llmfi_cstr(words[i]))) return true;
    if (!llmfi_ends(s, LLMFI_LIT(" tokens"))) return false;
    number = llmfi_str(s.ptr, s.len - 7);
    return llmfi_parse_int(number, &n) && n > 0;
}

static bool llmfi_take_numbers(llmfi_call *c) {
    llmf_request *r = &c->req;
    const llmfi_record *d = &c->prepared->record;
    if (r->temperature == 0) r->temperature = d->temperature;
    if (r->top_p == 0) r->top_p = d->top_p;
    if (r->max_tokens == 0) r->max_tokens = d->max_tokens;
    if (!r->reasoning && d->reasoning.len) r->reasoning = d->reasoning.ptr;
    if (!(r->temperature == LLMF_ZERO || (r->temperature >= 0 && r->temperature <= 2)))
        return llmfi_bad_field(c, "temperature", -1, "", "must be from 0 to 2 (0: the default; LLMF_ZERO: 0)");
    if (!(r->top_p == LLMF_ZERO || (r->top_p >= 0 && r->top_p <= 1))) return llmfi_bad_field(c, "top_p", -1, "", "must be from 0 to 1 (0: the default; LLMF_ZERO: 0)");
    if (r->max_tokens < 0) return llmfi_bad_field(c, "max_tokens", -1, "", "must not be negative (0: the default)");
    if (r->parallel_tool_calls < LLMF_UNSET || r->parallel_tool_calls > LLMF_NO)
        return llmfi_bad_field(c, "parallel_tool_calls", -1, "", "must be LLMF_UNSET, LLMF_YES or LLMF_NO");
    if (r->reasoning && !llmfi_reasoning_ok(r->reasoning))
        return llmfi_bad_field(c, "reasoning", -1, "", "must be none, minimal, low, medium, high, xhigh, max or \"N tokens\"");
    return llmfi_take_cstr(c, llmfi_field_of("reasoning", -1, ""), &r->reasoning) && llmfi_take_cstr(c, llmfi_field_of("user", -1, ""), &r->user);
}

static bool llmfi_take_format(llmfi_call *c) {
    llmf_request *r = &c->req;
    llmf_str s = llmfi_trim(llmfi_cstr(r->format));
    if (!s.len || LLMFI_IS(s, "text")) {
        r->format = NULL;
        return true;
    }
    if (LLMFI_IS(s, "json")) {
        r->format = "json";
        return true;
    }
    if (s.ptr[0] != '{') return llmfi_bad_field(c, "format", -1, "", "must be text, json or the text of a JSON Schema");
    c->ask.format = llmfi_take_json(c, llmfi_field_of("format", -1, ""), r->format);
    return c->ask.format != NULL;
}

static bool llmfi_take_extra(llmfi_call *c) {
    if (!c->req.extra) return true;
    c->ask.extra = llmfi_take_json(c, llmfi_field_of("extra", -1, ""), c->req.extra);
    return c->ask.extra != NULL;
}

static bool llmfi_take_system(llmfi_call *c) {
    llmf_str s = llmfi_str(c->req.system, c->req.system_len ? c->req.system_len : (c->req.system ? strlen(c->req.system) : 0));
    if (!c->req.system) return true;
    if (!llmfi_take(c, llmfi_field_of("system", -1, ""), &s)) return false;
    c->req.system = s.ptr;
    c->req.system_len = s.len;
    return true;
}

/* Some dialects demand a limit (their column has a default); none may exceed the model's own. */
static void llmfi_fit_max_tokens(llmfi_call *c) {
    const llmfi_record *d = &c->prepared->record;
    if (c->req.max_tokens == 0) c->req.max_tokens = d->provider->default_max_tokens;
    else return;
    if (d->s.max_output > 0 && c->req.max_tokens > d->s.max_output) c->req.max_tokens = d->s.max_output;
}

static int64_t llmfi_first_set(int64_t a, int64_t b, int64_t c, int64_t otherwise) {
    return a ? a : b ? b : c ? c : otherwise;
}

static void llmfi_take_timeouts(llmfi_call *c) {
    const llmf_timeouts *r = &c->req.timeouts, *m = &c->prepared->record.timeouts, *d = &c->f->desc.timeouts;
    llmf_timeouts *t = &c->timeouts;
    t->connect_ms = llmfi_first_set(r->connect_ms, m->connect_ms, d->connect_ms, 10000);
    t->first_byte_ms = llmfi_first_set(r->first_byte_ms, m->first_byte_ms, d->first_byte_ms, 120000);
    t->first_content_ms = llmfi_first_set(r->first_content_ms, m->first_content_ms, d->first_content_ms, -1);
    t->idle_ms = llmfi_first_set(r->idle_ms, m->idle_ms, d->idle_ms, 60000);
    t->total_ms = llmfi_first_set(r->total_ms, m->total_ms, d->total_ms, -1);
}

/* Fills c->req and c->ask from the caller's request. False with the error in c->reply.error. */
LLMFI_UNUSED static bool llmfi_take_request(llmfi_call *c) {
    llmfi_refusal no;
    c->ask.req = &c->req;
    c->ask.model = &c->prepared->record.s;
    if (!llmfi_take_messages(c) || !llmfi_take_system(c) || !llmfi_take_tools(c) || !llmfi_take_stop(c) || !llmfi_take_numbers(c) || !llmfi_take_format(c) ||
        !llmfi_take_extra(c) || !llmfi_wrap_prompt(c))
        return false;
    llmfi_fit_max_tokens(c);
    llmfi_take_timeouts(c);
    if (!c->prepared->adapter || !c->prepared->adapter->check) return true;
    memset(&no, 0, sizeof no);
    c->prepared->adapter->check(&c->ask, &no);
    if (no.code != LLMF_OK) llmfi_error_set(&c->reply.error, no.code, no.text);
    return no.code == LLMF_OK;
}

#endif
