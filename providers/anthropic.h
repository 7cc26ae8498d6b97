/* The Messages API of Anthropic ("Claude API reference, Messages": POST /v1/messages), and hosts that speak it. */
#ifndef LLMFI_PROVIDERS_ANTHROPIC_H
#define LLMFI_PROVIDERS_ANTHROPIC_H
#include "anthropic_reply.h"

/* From this version on temperature, top_p and top_k are refused ("Migrating to API version 2026-10-21"). */
#define LLMFI_ANTHROPIC_NO_SAMPLING "2026-10-21"
#define LLMFI_ANTHROPIC_OLD_VERSION "2023-06-01"
/* The least budget of thinking tokens, and what is left for the answer where the budget is ours to choose. */
#define LLMFI_ANTHROPIC_LEAST 1024
/* max_tokens, which the API demands, for a host whose row names none. */
#define LLMFI_ANTHROPIC_TOKENS 4096

/* ---- request: what is asked ---- */

static int64_t llmfi_anthropic_max_tokens(const llmfi_ask *a) {
    return a->req->max_tokens > 0 ? a->req->max_tokens : LLMFI_ANTHROPIC_TOKENS;
}

/* The first of the sampling parameters that the request carries, its own or an extra one; NULL: none. */
static const char *llmfi_anthropic_sampling(const llmfi_ask *a) {
    if (a->req->temperature != 0 || llmfi_extra(a, LLMFI_LIT("temperature"))) return "temperature";
    if (a->req->top_p != 0 || llmfi_extra(a, LLMFI_LIT("top_p"))) return "top_p";
    return llmfi_extra(a, LLMFI_LIT("top_k")) ? "top_k" : NULL;
}

/* Versions are dates, so their order is that of their text. */
static bool llmfi_anthropic_refuses_sampling(llmf_str version) {
    llmf_str since = LLMFI_LIT(LLMFI_ANTHROPIC_NO_SAMPLING);
    return version.len == since.len && llmfi_is_digit(version.ptr[0]) && memcmp(version.ptr, since.ptr, since.len) >= 0;
}

/* The version that this request goes out with. A host whose row has none gets the one that all hosts know. */
static llmf_str llmfi_anthropic_version(const llmfi_ask *a) {
    llmf_str v = a->model->api_version;
    bool older = llmfi_anthropic_refuses_sampling(v) && (a->model->quirks & LLMFI_Q_SAMPLING_OLD_VERSION) && llmfi_anthropic_sampling(a);
    return !v.len || older ? LLMFI_LIT(LLMFI_ANTHROPIC_OLD_VERSION) : v;
}

enum { LLMFI_THINK_UNSAID, LLMFI_THINK_OFF, LLMFI_THINK_BUDGET, LLMFI_THINK_EFFORT };

typedef struct llmfi_anthropic_think {
    int mode;
    int64_t budget;
    const char *effort;
} llmfi_anthropic_think;

/* What an effort word comes to: a level of output_config.effort, and a budget for models that know no effort, cut so that the answer keeps
   LLMFI_ANTHROPIC_LEAST of max_tokens. */
static const struct {
    const char *word, *effort;
    int64_t budget;
} llmfi_anthropic_efforts[] = { { "minimal", "low", 1024 }, { "low", "low", 2048 },      { "medium", "medium", 8192 },
                                { "high", "high", 16384 },  { "xhigh", "xhigh", 32768 }, { "max", "max", 65536 } };

static llmfi_anthropic_think llmfi_anthropic_thinking(const llmfi_ask *a) {
    llmfi_anthropic_think t = { LLMFI_THINK_UNSAID, 0, NULL };
    llmf_str word = llmfi_cstr(a->req->reasoning);
    size_t i;
    if (!word.len || llmfi_extra(a, LLMFI_LIT("thinking"))) return t;
    if (LLMFI_IS(word, "none")) {
        if (!(a->model->quirks & LLMFI_Q_NO_REASONING)) t.mode = LLMFI_THINK_OFF;
        return t;
    }
    t.mode = LLMFI_THINK_BUDGET;
    if (llmfi_reasoning_tokens(a->req->reasoning, &t.budget)) return t;
    for (i = 0; i + 1 < LLMFI_COUNT(llmfi_anthropic_efforts); i++)
        if (llmfi_eq(word, llmfi_cstr(llmfi_anthropic_efforts[i].word))) break;
    t.effort = llmfi_anthropic_efforts[i].effort;
    t.budget = llmfi_anthropic_efforts[i].budget;
    if (a->model->quirks & LLMFI_Q_ADAPTIVE_THINKING) t.mode = LLMFI_THINK_EFFORT;
    else if (t.budget > llmfi_anthropic_max_tokens(a) - LLMFI_ANTHROPIC_LEAST) t.budget = llmfi_anthropic_max_tokens(a) - LLMFI_ANTHROPIC_LEAST;
    return t;
}

/* ---- request: parts ---- */

enum { LLMFI_FROM_NONE, LLMFI_FROM_BYTES, LLMFI_FROM_BASE64, LLMFI_FROM_URL, LLMFI_FROM_TEXT };

typedef struct llmfi_anthropic_source {
    int kind;
    bool image;
    llmf_str media, text;                    /* text: of _URL the URL, of _BASE64 the base64 */
} llmfi_anthropic_source;

static llmfi_anthropic_source llmfi_anthropic_source_of(const llmf_part *p) {
    llmfi_anthropic_source s;
    memset(&s, 0, sizeof s);
    s.text = llmfi_cstr(p->url);
    if (p->url) {
        s.media = llmfi_cstr(p->media_type);
        s.kind = llmfi_data_url(s.text, &s.media, &s.text) ? LLMFI_FROM_BASE64 : llmfi_starts(s.text, LLMFI_LIT("data:")) ? LLMFI_FROM_NONE : LLMFI_FROM_URL;
    } else {
        s.media = llmfi_part_media(p);
        s.kind = LLMFI_FROM_BYTES;
    }
    s.image = p->type == LLMF_PART_IMAGE || (p->type == LLMF_PART_FILE && llmfi_starts(s.media, LLMFI_LIT("image/")));
    if (s.image || s.kind == LLMFI_FROM_URL || LLMFI_IS(s.media, "application/pdf")) return s;
    if (s.kind == LLMFI_FROM_BYTES && (llmfi_starts(s.media, LLMFI_LIT("text/")) || LLMFI_IS(s.media, "application/json"))) s.kind = LLMFI_FROM_TEXT;
    else s.kind = LLMFI_FROM_NONE;
    return s;
}

static void llmfi_anthropic_cache(llmfi_jw *w, bool cached) {
    if (!cached) return;
    llmfi_jw_key(w, "cache_control");
    llmfi_jw_object(w);
    llmfi_jw_member_lit(w, "type", "ephemeral");
    llmfi_jw_object_end(w);
}

static void llmfi_anthropic_text_block(llmfi_jw *w, llmf_str text, bool cached) {
    llmfi_jw_object(w);
    llmfi_jw_member_lit(w, "type", "text");
    llmfi_jw_member_str(w, "text", text);
    llmfi_anthropic_cache(w, cached);
    llmfi_jw_object_end(w);
}

static void llmfi_anthropic_media_block(llmfi_jw *w, const llmf_part *p, bool cached) {
    llmfi_anthropic_source s = llmfi_anthropic_source_of(p);
    llmfi_jw_object(w);
    llmfi_jw_member_str(w, "type", s.image ? LLMFI_LIT("image") : LLMFI_LIT("document"));
    llmfi_jw_key(w, "source");
    llmfi_jw_object(w);
    if (s.kind == LLMFI_FROM_URL) {
        llmfi_jw_member_lit(w, "type", "url");
        llmfi_jw_member_str(w, "url", s.text);
    } else if (s.kind == LLMFI_FROM_TEXT) {
        llmfi_jw_member_lit(w, "type", "text");
        llmfi_jw_member_lit(w, "media_type", "text/plain");
        llmfi_jw_member_str(w, "data", llmfi_str((const char *)p->data, p->data_len));
    } else {
        llmfi_jw_member_lit(w, "type", "base64");
        llmfi_jw_member_str(w, "media_type", s.media);
        llmfi_jw_key(w, "data");
        if (s.kind == LLMFI_FROM_BASE64) llmfi_jw_str(w, s.text);
        else llmfi_jw_base64_string(w, llmfi_str("", 0), p->data, p->data_len);
    }
    llmfi_jw_object_end(w);
    if (!s.image && p->name && *p->name) llmfi_jw_member_str(w, "title", llmfi_cstr(p->name));
    llmfi_anthropic_cache(w, cached);
    llmfi_jw_object_end(w);
}

/* ---- request: messages ---- */

static bool llmfi_anthropic_empty(const llmf_part *p) {
    return p->type == LLMF_PART_TEXT && !llmfi_text_at(p->text, p->text_len).len;
}

/* How many blocks a message becomes, those of its state left out. Empty text is none: the API refuses it. */
static size_t llmfi_anthropic_count(const llmf_message *m) {
    size_t i, n = (llmfi_text_at(m->content, m->content_len).len != 0) + m->tool_call_count;
    if (m->role == LLMF_TOOL) return 1;
    for (i = 0; i < m->part_count; i++) n += !llmfi_anthropic_empty(&m->parts[i]);
    return n;
}

/* Which side says it; LLMF_SYSTEM: none, its text is in `system`, or there is nothing to say. */
static int llmfi_anthropic_side(const llmfi_ask *a, const llmf_message *m) {
    if (m->role == LLMF_SYSTEM || (!llmfi_anthropic_count(m) && !llmfi_state_items(a, m, "anthropic").len)) return LLMF_SYSTEM;
    return m->role == LLMF_ASSISTANT ? LLMF_ASSISTANT : LLMF_USER;
}

/* The side of the next message before or after i that has one; LLMF_SYSTEM: there is none. */
static int llmfi_anthropic_beside(const llmfi_ask *a, size_t i, bool after) {
    int side = LLMF_SYSTEM;
    while (side == LLMF_SYSTEM && (after ? ++i < a->req->message_count : i-- > 0)) side = llmfi_anthropic_side(a, &a->req->messages[i]);
    return side;
}

/* Ids that other providers made may hold what Anthropic's pattern ^[a-zA-Z0-9_-]+$ refuses: call and answer get the same other one. */
static void llmfi_anthropic_id(llmfi_jw *w, llmf_str id) {
    size_t i;
    llmfi_jw_str_begin(w);
    for (i = 0; i < id.len; i++) {
        char c = id.ptr[i], low = llmfi_lower(c);
        if (!llmfi_is_digit(c) && !(low >= 'a' && low <= 'z') && c != '_' && c != '-') c = '_';
        llmfi_jw_str_piece(w, llmfi_str(&c, 1));
    }
    llmfi_jw_str_end(w);
}

/* Content, parts and calls as blocks; `left` counts them down: the last one of all is marked where `cached`. */
static void llmfi_anthropic_content(llmfi_jw *w, const llmf_message *m, size_t left, bool cached) {
    llmf_str content = llmfi_text_at(m->content, m->content_len);
    size_t i;
    if (content.len) llmfi_anthropic_text_block(w, content, cached && --left == 0);
    for (i = 0; i < m->part_count; i++) {
        const llmf_part *p = &m->parts[i];
        if (llmfi_anthropic_empty(p)) continue;
        if (p->type == LLMF_PART_TEXT) llmfi_anthropic_text_block(w, llmfi_str(p->text, p->text_len), cached && --left == 0);
        else llmfi_anthropic_media_block(w, p, cached && --left == 0);
    }
    for (i = 0; i < m->tool_call_count; i++) {
        const llmf_tool_call *c = &m->tool_calls[i];
        llmfi_jw_object(w);
        llmfi_jw_member_lit(w, "type", "tool_use");
        llmfi_jw_key(w, "id");
        llmfi_anthropic_id(w, c->id);
        llmfi_jw_member_str(w, "name", c->name);
        llmfi_jw_key(w, "input");
        llmfi_jw_arguments(w, c);
        llmfi_anthropic_cache(w, cached && --left == 0);
        llmfi_jw_object_end(w);
    }
}

static void llmfi_anthropic_result(llmfi_jw *w, const llmf_message *m, bool cached) {
    llmf_str content = llmfi_text_at(m->content, m->content_len);
    llmfi_jw_object(w);
    llmfi_jw_member_lit(w, "type", "tool_result");
    llmfi_jw_key(w, "tool_use_id");
    llmfi_anthropic_id(w, m->tool_call_id);
    if (m->part_count) {
        llmfi_jw_key(w, "content");
        llmfi_jw_array(w);
        llmfi_anthropic_content(w, m, 0, false);
        llmfi_jw_array_end(w);
    } else if (content.len) {
        llmfi_jw_member_str(w, "content", content);
    }
    if (m->is_error) llmfi_jw_member_bool(w, "is_error", true);
    llmfi_anthropic_cache(w, cached);
    llmfi_jw_object_end(w);
}

/* Writes the items of a JSON array into the array that is open. Those behind a broken one are left out. */
static void llmfi_anthropic_items(llmfi_jw *w, llmf_str array) {
    llmfi_json j;
    llmf_str item;
    llmfi_json_init(&j, array, true);
    if (llmfi_json_next(&j) != LLMFI_J_ARRAY) return;
    while (llmfi_json_raw(&j, &item) == LLMFI_J_OBJECT) llmfi_jw_raw(w, item);
}

/* Neighbours of one side are one message, as the API wants them to alternate. */
static void llmfi_anthropic_message(const llmfi_ask *a, size_t i, llmfi_jw *w) {
    const llmf_message *m = &a->req->messages[i];
    int side = llmfi_anthropic_side(a, m), next;
    bool cached;
    if (side == LLMF_SYSTEM) return;
    next = llmfi_anthropic_beside(a, i, true);
    cached = a->req->cache && next == LLMF_SYSTEM;
    if (llmfi_anthropic_beside(a, i, false) != side) {
        llmfi_jw_object(w);
        llmfi_jw_member_str(w, "role", side == LLMF_USER ? LLMFI_LIT("user") : LLMFI_LIT("assistant"));
        llmfi_jw_key(w, "content");
        llmfi_jw_array(w);
    }
    llmfi_anthropic_items(w, llmfi_state_items(a, m, "anthropic")); /* thinking comes first and unchanged, or the next turn is refused */
    if (m->role == LLMF_TOOL) llmfi_anthropic_result(w, m, cached);
    else llmfi_anthropic_content(w, m, llmfi_anthropic_count(m), cached);
    if (next != side) {
        llmfi_jw_array_end(w);
        llmfi_jw_object_end(w);
    }
}

/* ---- request: system ---- */

static size_t llmfi_anthropic_system_count(const llmf_message *m) {
    return m->role == LLMF_SYSTEM ? llmfi_anthropic_count(m) : 0;
}

/* A system message stands in the index i + 1; 0 is the request's own text. The last piece of all is marked where the prompt is to be cached. */
static void llmfi_anthropic_system(const llmfi_ask *a, size_t at, llmfi_jw *w) {
    llmf_str own = llmfi_text_at(a->req->system, a->req->system_len);
    size_t i = at, count = at ? llmfi_anthropic_system_count(&a->req->messages[at - 1]) : own.len != 0;
    bool cached = a->req->cache && count;
    while (cached && i < a->req->message_count)
        if (llmfi_anthropic_system_count(&a->req->messages[i++])) cached = false;
    if (at && count) llmfi_anthropic_content(w, &a->req->messages[at - 1], count, cached);
    else if (count) llmfi_anthropic_text_block(w, own, cached);
}

static bool llmfi_anthropic_system_messages(const llmfi_ask *a) {
    size_t i;
    for (i = 0; i < a->req->message_count; i++)
        if (llmfi_anthropic_system_count(&a->req->messages[i])) return true;
    return false;
}

/* ---- request: the rest ---- */

static bool llmfi_anthropic_own(const llmfi_ask *a, const char *name) {
    return !llmfi_extra(a, llmfi_cstr(name));
}

static bool llmfi_anthropic_any(llmf_str key, const char *const *words, size_t count) {
    size_t i;
    for (i = 0; i < count; i++)
        if (llmfi_eq(key, llmfi_cstr(words[i]))) return true;
    return false;
}

/* The schema, each object in it closed to members it does not name, as constrained output demands ("Structured outputs", JSON Schema limitations).
   names: its members are named by the user. Recursion is bounded by the reader's LLMF_MAX_DEPTH. */
static void llmfi_anthropic_schema(llmfi_jw *w, const llmfi_node *s, bool names) {
    static const char *const named[] = { "properties", "$defs", "definitions" }, *const values[] = { "default", "const", "enum", "examples" };
    const llmfi_node *n;
    if (s->type == LLMFI_ARRAY) {
        llmfi_jw_array(w);
        for (n = s->child; n; n = n->next) llmfi_anthropic_schema(w, n, false);
        llmfi_jw_array_end(w);
    } else if (s->type != LLMFI_OBJECT) {
        llmfi_node_write(w, s);
    } else {
        llmfi_jw_object(w);
        for (n = s->child; n; n = n->next) {
            llmfi_jw_key_str(w, n->key);
            if (!names && llmfi_anthropic_any(n->key, values, LLMFI_COUNT(values))) llmfi_node_write(w, n);
            else llmfi_anthropic_schema(w, n, !names && llmfi_anthropic_any(n->key, named, LLMFI_COUNT(named)));
        }
        if (!names && llmfi_member(s, LLMFI_LIT("properties")) && !llmfi_member(s, LLMFI_LIT("additionalProperties")))
            llmfi_jw_member_bool(w, "additionalProperties", false);
        llmfi_jw_object_end(w);
    }
}

static void llmfi_anthropic_tool(const llmfi_ask *a, size_t i, llmfi_jw *w) {
    const llmf_tool *t = &a->req->tools[i];
    bool strict = t->strict && !(a->model->quirks & LLMFI_Q_NO_STRICT);
    llmfi_jw_object(w);
    llmfi_jw_member_str(w, "name", llmfi_cstr(t->name));
    if (t->description && *t->description) llmfi_jw_member_str(w, "description", llmfi_cstr(t->description));
    llmfi_jw_key(w, "input_schema");
    if (a->schemas && a->schemas[i] && strict) llmfi_anthropic_schema(w, a->schemas[i], false);
    else if (a->schemas && a->schemas[i]) llmfi_node_write(w, a->schemas[i]);
    else llmfi_jw_raw(w, LLMFI_LIT("{\"type\":\"object\"}"));
    if (strict) llmfi_jw_member_bool(w, "strict", true);
    /* a mark on `system` covers the tools too, for they come before it */
    llmfi_anthropic_cache(w, a->req->cache && i + 1 == a->req->tool_count && !a->req->system_len && !llmfi_anthropic_system_messages(a));
    llmfi_jw_object_end(w);
}

static void llmfi_anthropic_tool_choice(const llmf_request *q, llmfi_jw *w) {
    llmf_str choice = llmfi_cstr(q->tool_choice);
    bool serial = q->parallel_tool_calls == LLMF_NO && !LLMFI_IS(choice, "none");
    if (!q->tool_count || (!choice.len && !serial)) return;
    llmfi_jw_key(w, "tool_choice");
    llmfi_jw_object(w);
    if (!choice.len || LLMFI_IS(choice, "auto") || LLMFI_IS(choice, "none")) {
        llmfi_jw_member_str(w, "type", choice.len ? choice : LLMFI_LIT("auto"));
    } else if (LLMFI_IS(choice, "required")) {
        llmfi_jw_member_lit(w, "type", "any");
    } else {
        llmfi_jw_member_lit(w, "type", "tool");
        llmfi_jw_member_str(w, "name", choice);
    }
    if (serial) llmfi_jw_member_bool(w, "disable_parallel_tool_use", true);
    llmfi_jw_object_end(w);
}

static void llmfi_anthropic_think_members(const llmfi_ask *a, llmfi_jw *w) {
    llmfi_anthropic_think t = llmfi_anthropic_thinking(a);
    if (t.mode != LLMFI_THINK_UNSAID) {
        llmfi_jw_key(w, "thinking");
        llmfi_jw_object(w);
        llmfi_jw_member_str(w, "type", t.mode == LLMFI_THINK_OFF ? LLMFI_LIT("disabled") : t.mode == LLMFI_THINK_BUDGET ? LLMFI_LIT("enabled") : LLMFI_LIT("adaptive"));
        if (t.mode == LLMFI_THINK_BUDGET) llmfi_jw_member_int(w, "budget_tokens", t.budget);
        /* Models since Opus 4.7 think in silence unless this is said ("Thinking", thinking.display): nothing to read, and an idle stream. */
        if (t.mode == LLMFI_THINK_EFFORT) llmfi_jw_member_lit(w, "display", "summarized");
        llmfi_jw_object_end(w);
    }
    if ((t.mode != LLMFI_THINK_EFFORT && !a->format) || !llmfi_anthropic_own(a, "output_config")) return;
    llmfi_jw_key(w, "output_config");
    llmfi_jw_object(w);
    if (t.mode == LLMFI_THINK_EFFORT) llmfi_jw_member_str(w, "effort", llmfi_cstr(t.effort));
    if (a->format) {
        llmfi_jw_key(w, "format");
        llmfi_jw_object(w);
        llmfi_jw_member_lit(w, "type", "json_schema");
        llmfi_jw_key(w, "schema");
        llmfi_anthropic_schema(w, a->format, false);
        llmfi_jw_object_end(w);
    }
    llmfi_jw_object_end(w);
}

static void llmfi_anthropic_head(const llmfi_ask *a, llmfi_jw *w) {
    const llmf_request *q = a->req;
    size_t i;
    if (llmfi_anthropic_own(a, "model")) llmfi_jw_member_str(w, "model", a->model->model_id);
    if (q->op != LLMF_OP_COUNT_TOKENS && llmfi_anthropic_own(a, "max_tokens")) llmfi_jw_member_int(w, "max_tokens", llmfi_anthropic_max_tokens(a));
    if (q->stream && llmfi_anthropic_own(a, "stream")) llmfi_jw_member_bool(w, "stream", true);
    if (q->temperature != 0 && llmfi_anthropic_own(a, "temperature")) llmfi_jw_member_double(w, "temperature", q->temperature < 0 ? 0 : q->temperature);
    if (q->top_p != 0 && llmfi_anthropic_own(a, "top_p")) llmfi_jw_member_double(w, "top_p", q->top_p < 0 ? 0 : q->top_p);
    if (q->stop_count && llmfi_anthropic_own(a, "stop_sequences")) {
        llmfi_jw_key(w, "stop_sequences");
        llmfi_jw_array(w);
        for (i = 0; i < q->stop_count; i++) llmfi_jw_str(w, llmfi_cstr(q->stop[i]));
        llmfi_jw_array_end(w);
    }
    if (q->user && *q->user && llmfi_anthropic_own(a, "metadata")) {
        llmfi_jw_key(w, "metadata");
        llmfi_jw_object(w);
        llmfi_jw_member_str(w, "user_id", llmfi_cstr(q->user));
        llmfi_jw_object_end(w);
    }
    llmfi_anthropic_think_members(a, w);
}

/* `system` is a plain text where that says it all, else an array of blocks, which is open between the first step and the one behind the system messages. */
static bool llmfi_anthropic_system_blocks(const llmfi_ask *a) {
    return llmfi_anthropic_own(a, "system") && (llmfi_anthropic_system_messages(a) || (a->req->cache && a->req->system_len));
}

static void llmfi_anthropic_begin(const llmfi_ask *a, llmfi_jw *w) {
    llmfi_jw_object(w);
    llmfi_anthropic_head(a, w);
    if (llmfi_anthropic_system_blocks(a)) {
        llmfi_jw_key(w, "system");
        llmfi_jw_array(w);
        llmfi_anthropic_system(a, 0, w);
    } else if (a->req->system_len && llmfi_anthropic_own(a, "system")) {
        llmfi_jw_member_str(w, "system", llmfi_str(a->req->system, a->req->system_len));
    }
}

/* Steps: the beginning; a system message each; `messages` opens; a message each; `tools` opens; a tool each; the end. */
static bool llmfi_anthropic_body(const llmfi_ask *a, unsigned step, llmfi_jw *w) {
    size_t n = a->req->message_count, tools = a->req->tool_count, at = step;
    bool messages = llmfi_anthropic_own(a, "messages"), tooled = tools && llmfi_anthropic_own(a, "tools");
    if (at == 0) {
        llmfi_anthropic_begin(a, w);
    } else if (at <= n) {
        if (llmfi_anthropic_system_count(&a->req->messages[at - 1]) && llmfi_anthropic_own(a, "system")) llmfi_anthropic_system(a, at, w);
    } else if (at == n + 1) {
        if (llmfi_anthropic_system_blocks(a)) llmfi_jw_array_end(w);
        if (messages) llmfi_jw_key(w, "messages");
        if (messages) llmfi_jw_array(w);
    } else if ((at -= n + 2) < n) {
        if (messages) llmfi_anthropic_message(a, at, w);
    } else if ((at -= n) == 0) {
        if (messages) llmfi_jw_array_end(w);
        if (tooled) llmfi_jw_key(w, "tools");
        if (tooled) llmfi_jw_array(w);
    } else if (at <= tools) {
        if (tooled) llmfi_anthropic_tool(a, at - 1, w);
    } else {
        if (tooled) llmfi_jw_array_end(w);
        if (llmfi_anthropic_own(a, "tool_choice")) llmfi_anthropic_tool_choice(a->req, w);
        llmfi_extra_write(a, w);
        llmfi_jw_object_end(w);
        return false;
    }
    return true;
}

/* ---- request: what cannot be asked ---- */

static void llmfi_anthropic_check_thinking(const llmfi_ask *a, llmfi_refusal *no) {
    llmfi_anthropic_think t = llmfi_anthropic_thinking(a);
    llmf_str choice = llmfi_cstr(a->req->tool_choice);
    if (t.mode == LLMFI_THINK_UNSAID || t.mode == LLMFI_THINK_OFF) return;
    if (choice.len && !LLMFI_IS(choice, "auto") && !LLMFI_IS(choice, "none"))
        llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "tool_choice", "a call cannot be demanded while the model thinks; leave it or reasoning out");
    if (a->model->quirks & LLMFI_Q_NO_REASONING) {
        llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "reasoning", "this model cannot think before it answers; leave it out, or take a newer model");
    } else if (!t.effort && (a->model->quirks & (LLMFI_Q_ADAPTIVE_THINKING | LLMFI_Q_TOKEN_BUDGET)) == LLMFI_Q_ADAPTIVE_THINKING) {
        llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "reasoning", "this model takes no token budget; give low, medium, high, xhigh or max");
    } else if (t.mode == LLMFI_THINK_BUDGET && t.budget < LLMFI_ANTHROPIC_LEAST) {
        llmfi_refuse(no, LLMF_ERR_ARGUMENT, "reasoning",
                     t.effort ? "needs max_tokens of at least 2048: 1024 for thinking and 1024 for the answer" : "the budget must be at least 1024 tokens");
    } else if (t.mode == LLMFI_THINK_BUDGET && t.budget >= llmfi_anthropic_max_tokens(a)) {
        llmfi_refuse(no, LLMF_ERR_ARGUMENT, "reasoning", "the budget is part of max_tokens, so max_tokens must be larger; raise it or lower the budget");
    }
}

static void llmfi_anthropic_check_sampling(const llmfi_ask *a, llmfi_refusal *no) {
    const char *field = llmfi_anthropic_sampling(a);
    if (field && ((a->model->quirks & LLMFI_Q_NO_SAMPLING) || llmfi_anthropic_refuses_sampling(llmfi_anthropic_version(a))))
        llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, field, "this model no longer takes it (Anthropic removed it in API version 2026-10-21); leave it out, or take an older model");
    if (a->req->temperature > 1) llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "temperature", "Anthropic takes 0 to 1");
    if (llmfi_anthropic_thinking(a).mode > LLMFI_THINK_OFF && a->req->temperature != 0 && a->req->temperature != 1)
        llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "temperature", "cannot be chosen while the model thinks; leave it or reasoning out");
}

static void llmfi_anthropic_check_part(const llmf_message *m, const llmf_part *p, llmfi_refusal *no) {
    if (p->type == LLMF_PART_TEXT) return;
    if (p->type == LLMF_PART_AUDIO) llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "messages.parts", "Anthropic takes no audio; send a transcript");
    else if (m->role != LLMF_USER && m->role != LLMF_TOOL)
        llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "messages.parts", "Anthropic takes images and files from users and tools only; move this one to a user message");
    else if (llmfi_anthropic_source_of(p).kind == LLMFI_FROM_NONE)
        llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "messages.parts", "Anthropic takes images, PDF and text; set media_type, convert the file, or give data instead of a data: URL");
}

static void llmfi_anthropic_check(const llmfi_ask *a, llmfi_refusal *no) {
    const llmf_request *q = a->req;
    size_t i, k;
    llmfi_anthropic_check_sampling(a, no);
    llmfi_anthropic_check_thinking(a, no);
    if (llmfi_extra(a, LLMFI_LIT("stream"))) llmfi_refuse(no, LLMF_ERR_ARGUMENT, "extra.stream", "set the request's own stream instead: it also says how the reply is read");
    if (q->use_seed) llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "seed", "Anthropic has none; leave it out");
    if (q->stop_count && (a->model->quirks & LLMFI_Q_NO_SAMPLING)) llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "stop", "this model refuses it; leave it out");
    if (a->format ? (a->model->quirks & LLMFI_Q_NO_SCHEMA) != 0 : LLMFI_IS(llmfi_cstr(q->format), "json"))
        llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "format",
                     a->format ? "this model takes no schema; ask for JSON in the prompt"
                               : "Anthropic has no JSON mode without a schema; give a JSON Schema, or ask for JSON in the prompt");
    for (i = 0; i < q->message_count && no->code == LLMF_OK; i++) {
        llmf_str blocks = llmfi_state_items(a, &q->messages[i], "anthropic");
        if (blocks.len && (blocks.ptr[0] != '[' || !llmfi_json_valid(blocks)))
            llmfi_refuse(no, LLMF_ERR_ARGUMENT, "messages.state", "is damaged: give it back whole, as the response had it, or leave it out");
        if (q->messages[i].role != LLMF_TOOL && q->messages[i].name.len)
            llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "messages.name", "Anthropic knows no names of who speaks; leave it out, or say it in the text");
        for (k = 0; k < q->messages[i].part_count; k++) llmfi_anthropic_check_part(&q->messages[i], &q->messages[i].parts[k], no);
    }
}

/* "/v1" where the base URL does not end in it. */
static void llmfi_anthropic_base(const llmfi_ask *a, llmfi_out *out) {
    llmf_str base = a->model->base_url;
    while (base.len && base.ptr[base.len - 1] == '/') base.len--;
    if (!llmfi_ends(base, LLMFI_LIT("/v1"))) LLMFI_PUT(out, "/v1");
}

static void llmfi_anthropic_path(const llmfi_ask *a, llmfi_out *out) {
    llmfi_anthropic_base(a, out);
    LLMFI_PUT(out, "/messages");
}

static void llmfi_anthropic_headers(const llmfi_ask *a, llmfi_header_fn header, void *user) {
    header(user, LLMFI_LIT("anthropic-version"), llmfi_anthropic_version(a));
}

static const llmfi_adapter llmfi_anthropic = {
    "anthropic",
    llmfi_anthropic_check,
    llmfi_anthropic_path,
    llmfi_anthropic_headers,
    llmfi_anthropic_body,
    LLMF_FRAMING_JSON,
    LLMF_FRAMING_SSE,
    llmfi_anthropic_frame,
    NULL
};

#endif
