/* The Messages API of Anthropic ("Claude API reference, Messages": POST /v1/messages), and hosts that speak it. */
#ifndef LLMFI_PROVIDERS_ANTHROPIC_H
#define LLMFI_PROVIDERS_ANTHROPIC_H
#include "anthropic_reply.h"
#include "claude.h"

/* From this version on temperature, top_p and top_k are refused ("Migrating to API version 2026-10-21"). */
#define LLMFI_ANTHROPIC_NO_SAMPLING "2026-10-21"
#define LLMFI_ANTHROPIC_OLD_VERSION "2023-06-01"
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

static llmfi_claude_think llmfi_anthropic_thinking(const llmfi_ask *a) {
    llmfi_claude_think unsaid = { LLMFI_THINK_UNSAID, 0, NULL };
    return llmfi_extra(a, LLMFI_LIT("thinking")) ? unsaid : llmfi_claude_thinking(a, llmfi_anthropic_max_tokens(a));
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
    if (!s.image && p->name && *p->name) llmfi_jw_member_cstr(w, "title", p->name);
    llmfi_anthropic_cache(w, cached);
    llmfi_jw_object_end(w);
}

/* ---- request: messages ---- */

/* Content, parts and calls as blocks; `left` counts them down: the last one of all is marked where `cached`. */
static void llmfi_anthropic_content(llmfi_jw *w, const llmf_message *m, size_t left, bool cached) {
    llmf_str content = llmfi_text_at(m->content, m->content_len);
    size_t i;
    if (content.len) llmfi_anthropic_text_block(w, content, cached && --left == 0);
    for (i = 0; i < m->part_count; i++) {
        const llmf_part *p = &m->parts[i];
        if (llmfi_part_empty(p)) continue;
        if (p->type == LLMF_PART_TEXT) llmfi_anthropic_text_block(w, llmfi_str(p->text, p->text_len), cached && --left == 0);
        else llmfi_anthropic_media_block(w, p, cached && --left == 0);
    }
    for (i = 0; i < m->tool_call_count; i++) {
        const llmf_tool_call *c = &m->tool_calls[i];
        llmfi_jw_object(w);
        llmfi_jw_member_lit(w, "type", "tool_use");
        llmfi_jw_key(w, "id");
        llmfi_jw_id(w, c->id, "_-");
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
    llmfi_jw_id(w, m->tool_call_id, "_-");
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

/* Neighbours of one side are one message, as the API wants them to alternate. */
static void llmfi_anthropic_message(const llmfi_ask *a, size_t i, llmfi_jw *w) {
    const llmf_message *m = &a->req->messages[i];
    int side = llmfi_block_side(a, m, "anthropic"), next;
    bool cached;
    if (side == LLMF_SYSTEM) return;
    next = llmfi_block_beside(a, i, true, "anthropic");
    cached = a->req->cache && next == LLMF_SYSTEM;
    if (llmfi_block_beside(a, i, false, "anthropic") != side) {
        llmfi_jw_object(w);
        llmfi_jw_member_str(w, "role", side == LLMF_USER ? LLMFI_LIT("user") : LLMFI_LIT("assistant"));
        llmfi_jw_key(w, "content");
        llmfi_jw_array(w);
    }
    llmfi_jw_items(w, llmfi_state_items(a, m, "anthropic")); /* thinking comes first and unchanged, or the next turn is refused */
    if (m->role == LLMF_TOOL) llmfi_anthropic_result(w, m, cached);
    else llmfi_anthropic_content(w, m, llmfi_block_count(m), cached);
    if (next != side) {
        llmfi_jw_array_end(w);
        llmfi_jw_object_end(w);
    }
}

/* ---- request: system ---- */

/* A system message stands in the index i + 1; 0 is the request's own text. The last piece of all is marked where the prompt is to be cached. */
static void llmfi_anthropic_system(const llmfi_ask *a, size_t at, llmfi_jw *w) {
    llmf_str own = llmfi_text_at(a->req->system, a->req->system_len);
    size_t i = at, count = at ? llmfi_system_count(&a->req->messages[at - 1]) : own.len != 0;
    bool cached = a->req->cache && count;
    while (cached && i < a->req->message_count)
        if (llmfi_system_count(&a->req->messages[i++])) cached = false;
    if (at && count) llmfi_anthropic_content(w, &a->req->messages[at - 1], count, cached);
    else if (count) llmfi_anthropic_text_block(w, own, cached);
}

/* ---- request: the rest ---- */

static bool llmfi_anthropic_own(const llmfi_ask *a, const char *name) {
    return !llmfi_extra(a, llmfi_cstr(name));
}

static void llmfi_anthropic_tool(const llmfi_ask *a, size_t i, llmfi_jw *w) {
    const llmf_tool *t = &a->req->tools[i];
    bool strict = t->strict && !(a->model->quirks & LLMFI_Q_NO_STRICT);
    llmfi_jw_object(w);
    llmfi_jw_member_cstr(w, "name", t->name);
    if (t->description && *t->description) llmfi_jw_member_cstr(w, "description", t->description);
    llmfi_jw_key(w, "input_schema");
    if (a->schemas && a->schemas[i] && strict) llmfi_jw_closed_schema(w, a->schemas[i], false);
    else if (a->schemas && a->schemas[i]) llmfi_node_write(w, a->schemas[i]);
    else llmfi_jw_raw(w, LLMFI_LIT("{\"type\":\"object\"}"));
    if (strict) llmfi_jw_member_bool(w, "strict", true);
    /* a mark on `system` covers the tools too, for they come before it */
    llmfi_anthropic_cache(w, a->req->cache && i + 1 == a->req->tool_count && !a->req->system_len && !llmfi_system_messages(a));
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
    llmfi_claude_think t = llmfi_claude_sent(a, llmfi_anthropic_thinking(a), "anthropic");
    if (t.mode != LLMFI_THINK_UNSAID) llmfi_claude_write_thinking(&t, w);
    if ((t.mode != LLMFI_THINK_EFFORT && !a->format) || !llmfi_anthropic_own(a, "output_config")) return;
    llmfi_jw_key(w, "output_config");
    llmfi_jw_object(w);
    if (t.mode == LLMFI_THINK_EFFORT) llmfi_jw_member_cstr(w, "effort", t.effort);
    if (a->format) {
        llmfi_jw_key(w, "format");
        llmfi_jw_object(w);
        llmfi_jw_member_lit(w, "type", "json_schema");
        llmfi_jw_key(w, "schema");
        llmfi_jw_closed_schema(w, a->format, false);
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
        llmfi_jw_member_cstr(w, "user_id", q->user);
        llmfi_jw_object_end(w);
    }
    llmfi_anthropic_think_members(a, w);
}

/* `system` is a plain text where that says it all, else an array of blocks, which is open between the first step and the one behind the system messages. */
static bool llmfi_anthropic_system_blocks(const llmfi_ask *a) {
    return llmfi_anthropic_own(a, "system") && (llmfi_system_messages(a) || (a->req->cache && a->req->system_len));
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
        if (llmfi_system_count(&a->req->messages[at - 1]) && llmfi_anthropic_own(a, "system")) llmfi_anthropic_system(a, at, w);
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
    llmfi_claude_check_thinking(a, llmfi_anthropic_thinking(a), llmfi_anthropic_max_tokens(a), no);
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
