/* Chat Completions (OpenAI API reference, chat/create), the dialect of OpenAI and of most hosts. What hosts do differently is quirks for requests, and for
   replies read generously: any order of members, any place of usage, each form of reasoning and of streamed tool calls that has been seen. */
#ifndef LLMFI_PROVIDERS_OPENAI_H
#define LLMFI_PROVIDERS_OPENAI_H
#include "fault.h"
#include "openai_request.h"

/* ==== requests ==================================================================================================== */

/* ---- what cannot be said ---- */

#if LLMF_HAS_REASONING
static void llmfi_openai_check_reasoning(const llmfi_ask *a, llmfi_refusal *f) {
    const char *reasoning = a->req->reasoning;
    int64_t tokens;
    bool none = reasoning && llmfi_strcmp(reasoning, "none") == 0;
    if (!reasoning || !*reasoning) return;
    if (llmfi_openai_quirk(a, LLMFI_Q_NO_REASONING)) {
        if (!none) llmfi_refuse(f, LLMF_ERR_UNSUPPORTED, "reasoning", "this model cannot be asked to reason; leave it out, or take another model");
    } else if (llmfi_reasoning_tokens(reasoning, &tokens) && !llmfi_openai_quirk(a, LLMFI_Q_REASONING_OBJECT | LLMFI_Q_ENABLE_THINKING)) {
        llmfi_refuse(f, LLMF_ERR_UNSUPPORTED, "reasoning", "this provider takes no number of tokens; ask for none, low, medium or high");
    }
}
#endif

#if LLMF_HAS_MEDIA
static void llmfi_openai_check_part(const llmf_message *m, const llmf_part *p, llmfi_refusal *f) {
    llmf_str media, base64, url = llmfi_cstr(p->url);
    if (p->type == LLMF_PART_TEXT) return;
    if (m->role != LLMF_USER) {
        llmfi_refuse(f, LLMF_ERR_UNSUPPORTED, "messages.parts", "images, audio and files can only stand in a user message here");
    } else if (!p->data && !url.len) {
        llmfi_refuse(f, LLMF_ERR_ARGUMENT, "messages.parts", "a part needs data, path or url");
    } else if (p->type != LLMF_PART_IMAGE && !p->data && !llmfi_data_url(url, &media, &base64)) {
        llmfi_refuse(f, LLMF_ERR_UNSUPPORTED, "messages.parts.url", p->type == LLMF_PART_AUDIO ? "audio cannot be sent as a URL here; give its data or path"
                                                                                               : "a file cannot be sent as a URL here; give its data or path");
    }
}
#endif

static void llmfi_openai_check(const llmfi_ask *a, llmfi_refusal *f) {
#if LLMF_HAS_MEDIA
    const llmf_request *q = a->req;
    size_t i, k;
    for (i = 0; i < q->message_count; i++)
        for (k = 0; k < q->messages[i].part_count; k++) llmfi_openai_check_part(&q->messages[i], &q->messages[i].parts[k], f);
#endif
    llmfi_openai_check_common(a, f);
#if LLMF_HAS_REASONING
    llmfi_openai_check_reasoning(a, f);
#endif
}

static void llmfi_openai_path(const llmfi_ask *a, llmfi_out *out) {
    (void)a;
    LLMFI_PUT(out, "/chat/completions");
}

/* ---- the head: everything but messages and tools ---- */

#if LLMF_HAS_REASONING
static void llmfi_openai_reasoning_object(const llmfi_ask *a, llmfi_jw *w) {
    int64_t tokens;
    if (!LLMFI_OPENAI_OURS(a, "reasoning")) return;
    llmfi_jw_key(w, "reasoning");
    llmfi_jw_object(w);
    if (llmfi_reasoning_tokens(a->req->reasoning, &tokens)) llmfi_jw_member_int(w, "max_tokens", tokens);
    else llmfi_jw_member_cstr(w, "effort", a->req->reasoning);
    llmfi_jw_object_end(w);
}

static void llmfi_openai_reasoning(const llmfi_ask *a, llmfi_jw *w) {
    const char *reasoning = a->req->reasoning;
    int64_t tokens;
    bool none = reasoning && llmfi_strcmp(reasoning, "none") == 0;
    if (!reasoning || !*reasoning || llmfi_openai_quirk(a, LLMFI_Q_NO_REASONING)) return;
    if (llmfi_openai_quirk(a, LLMFI_Q_REASONING_OBJECT)) {
        llmfi_openai_reasoning_object(a, w);
    } else if (llmfi_openai_quirk(a, LLMFI_Q_THINKING_OBJECT)) {
        if (LLMFI_OPENAI_OURS(a, "thinking")) {
            llmfi_jw_key(w, "thinking");
            llmfi_jw_object(w);
            llmfi_jw_member_str(w, "type", none ? LLMFI_LIT("disabled") : LLMFI_LIT("enabled"));
            llmfi_jw_object_end(w);
        }
        if (!none && llmfi_openai_quirk(a, LLMFI_Q_THINKING_EFFORT) && LLMFI_OPENAI_OURS(a, "reasoning_effort"))
            llmfi_jw_member_cstr(w, "reasoning_effort", reasoning);
    } else if (llmfi_openai_quirk(a, LLMFI_Q_ENABLE_THINKING)) {
        if (LLMFI_OPENAI_OURS(a, "enable_thinking")) llmfi_jw_member_bool(w, "enable_thinking", !none);
        if (llmfi_reasoning_tokens(reasoning, &tokens) && LLMFI_OPENAI_OURS(a, "thinking_budget")) llmfi_jw_member_int(w, "thinking_budget", tokens);
    } else if (LLMFI_OPENAI_OURS(a, "reasoning_effort")) {
        llmfi_jw_member_cstr(w, "reasoning_effort", reasoning);
    }
}
#endif

static void llmfi_openai_limit(const llmfi_ask *a, llmfi_jw *w) {
    int64_t most = a->req->max_tokens;
    if (most <= 0 || !LLMFI_OPENAI_OURS(a, "max_tokens") || !LLMFI_OPENAI_OURS(a, "max_completion_tokens")) return;
    if (llmfi_openai_quirk(a, LLMFI_Q_MAX_COMPLETION_TOKENS)) llmfi_jw_member_int(w, "max_completion_tokens", most);
    else llmfi_jw_member_int(w, "max_tokens", most);
}

static void llmfi_openai_seed(const llmfi_ask *a, llmfi_jw *w) {
    if (!a->req->use_seed || !LLMFI_OPENAI_OURS(a, "seed") || !LLMFI_OPENAI_OURS(a, "random_seed")) return;
    if (llmfi_openai_quirk(a, LLMFI_Q_RANDOM_SEED)) llmfi_jw_member_int(w, "random_seed", a->req->seed);
    else llmfi_jw_member_int(w, "seed", a->req->seed);
}

static void llmfi_openai_head(const llmfi_ask *a, llmfi_jw *w) {
    const llmf_request *q = a->req;
    llmfi_jw_object(w);
    if (a->model->model_id.len && LLMFI_OPENAI_OURS(a, "model")) llmfi_jw_member_str(w, "model", a->model->model_id); /* none: see bulk.h */
    if (q->stream) {
        llmfi_jw_member_bool(w, "stream", true);
        if (!llmfi_openai_quirk(a, LLMFI_Q_NO_STREAM_OPTIONS) && LLMFI_OPENAI_OURS(a, "stream_options"))
            llmfi_jw_member_raw(w, "stream_options", LLMFI_LIT("{\"include_usage\":true}"));
    }
    llmfi_openai_limit(a, w);
    llmfi_openai_sampling(a, w);
    llmfi_openai_seed(a, w);
#if LLMF_HAS_REASONING
    llmfi_openai_reasoning(a, w);
#endif
    if (q->user && *q->user && !llmfi_openai_quirk(a, LLMFI_Q_NO_USER_FIELD) && LLMFI_OPENAI_OURS(a, "user"))
        llmfi_jw_member_cstr(w, "user", q->user);
    if (llmfi_openai_wants_json(a) && LLMFI_OPENAI_OURS(a, "response_format")) {
        llmfi_jw_key(w, "response_format");
        llmfi_openai_format(a, w, false);
    }
}

/* ---- messages ---- */

/* The message that the system text leads where there is no system role: the first of the user's; message_count: none. */
static size_t llmfi_openai_first_user(const llmf_request *q) {
    size_t i = 0;
    while (i < q->message_count && q->messages[i].role != LLMF_USER) i++;
    return i;
}

#if LLMF_HAS_MEDIA
/* "wav" of audio/x-wav, "mp3" of audio/mpeg; else what follows the slash. */
static llmf_str llmfi_openai_audio_format(llmf_str media) {
    size_t slash = llmfi_find_char(media, '/'), end;
    llmf_str kind = slash == LLMFI_NOWHERE ? media : llmfi_from(media, slash + 1);
    end = llmfi_find_char(kind, ';');
    if (end != LLMFI_NOWHERE) kind.len = end;
    if (llmfi_starts(kind, LLMFI_LIT("x-"))) kind = llmfi_from(kind, 2);
    if (LLMFI_IS(kind, "mpeg")) return LLMFI_LIT("mp3");
    return LLMFI_IS(kind, "wave") ? LLMFI_LIT("wav") : kind;
}

static void llmfi_openai_audio(llmfi_jw *w, const llmf_part *p) {
    llmf_str media = llmfi_part_media(p), base64 = llmfi_str("", 0);
    if (!p->data) llmfi_data_url(llmfi_cstr(p->url), &media, &base64);
    llmfi_jw_member_lit(w, "type", "input_audio");
    llmfi_jw_key(w, "input_audio");
    llmfi_jw_object(w);
    llmfi_jw_key(w, "data");
    if (p->data) llmfi_jw_base64_string(w, llmfi_str("", 0), p->data, p->data_len);
    else llmfi_jw_str(w, base64);
    llmfi_jw_member_str(w, "format", llmfi_openai_audio_format(media));
    llmfi_jw_object_end(w);
}

static void llmfi_openai_file(llmfi_jw *w, const llmf_part *p) {
    llmfi_jw_member_lit(w, "type", "file");
    llmfi_jw_key(w, "file");
    llmfi_jw_object(w);
    llmfi_jw_member_cstr(w, "filename", p->name && *p->name ? p->name : "file");
    llmfi_jw_key(w, "file_data");
    llmfi_jw_media_url(w, p);
    llmfi_jw_object_end(w);
}
#endif

#if LLMF_HAS_MEDIA
static void llmfi_openai_part(llmfi_jw *w, const llmf_part *p) {
    if (p->type == LLMF_PART_TEXT) {
        llmfi_jw_text_part(w, llmfi_text_at(p->text, p->text_len));
        return;
    }
    if (p->type == LLMF_PART_IMAGE) {
        llmfi_jw_image_part(w, p);
        return;
    }
    llmfi_jw_object(w);
    if (p->type == LLMF_PART_AUDIO) llmfi_openai_audio(w, p);
    else llmfi_openai_file(w, p);
    llmfi_jw_object_end(w);
}
#endif

/* The system text that goes before a message's own, and that own one, as one string. */
static void llmfi_openai_joined(llmfi_jw *w, llmf_str lead, llmf_str text) {
    if (!lead.len) {
        llmfi_jw_str(w, text);
        return;
    }
    llmfi_jw_str_begin(w);
    llmfi_jw_str_piece(w, lead);
    if (text.len) llmfi_jw_str_piece(w, LLMFI_LIT("\n\n"));
    llmfi_jw_str_piece(w, text);
    llmfi_jw_str_end(w);
}

/* A plain string where there is one text; else the list of parts, `content` before them. */
static void llmfi_openai_content(llmfi_jw *w, llmf_str lead, const llmf_message *m) {
    llmf_str text = llmfi_text_at(m->content, m->content_len);
#if !LLMF_HAS_MEDIA
    llmfi_jw_key(w, "content");
    llmfi_openai_joined(w, lead, text);
#else
    size_t i;
    llmfi_jw_key(w, "content");
    if (!text.len && m->part_count == 1 && m->parts[0].type == LLMF_PART_TEXT) {
        llmfi_openai_joined(w, lead, llmfi_text_at(m->parts[0].text, m->parts[0].text_len));
    } else if (!m->part_count) {
        llmfi_openai_joined(w, lead, text);
    } else {
        llmfi_jw_array(w);
        if (lead.len) llmfi_jw_text_part(w, lead);
        if (text.len) llmfi_jw_text_part(w, text);
        for (i = 0; i < m->part_count; i++) llmfi_openai_part(w, &m->parts[i]);
        llmfi_jw_array_end(w);
    }
#endif
}

/* ---- what goes back of earlier turns ---- */

#if LLMF_HAS_STATE
/* The JSON of a state that this dialect gave for this provider; empty: it is another's, or no JSON any more. */
static llmf_str llmfi_openai_state(const llmfi_settings *model, llmf_str state) {
    llmf_str dialect = LLMFI_LIT("openai/");
    if (!llmfi_starts(state, dialect) || !llmfi_starts(llmfi_from(state, dialect.len), model->provider)) return llmfi_str("", 0);
    state = llmfi_from(state, dialect.len + model->provider.len);
    if (!state.len || state.ptr[0] != ':' || !llmfi_json_valid(llmfi_from(state, 1))) return llmfi_str("", 0);
    return llmfi_from(state, 1);
}

/* Copies the members of the state that are reasoning. True when there was one. */
static bool llmfi_openai_state_members(llmfi_jw *w, llmf_str state) {
    llmfi_json j;
    bool any = false;
    llmfi_json_init(&j, state, true);
    if (llmfi_json_next(&j) != LLMFI_J_OBJECT) return false;
    while (llmfi_json_next(&j) == LLMFI_J_KEY) {
        llmf_str key = j.text, raw;
        bool ours = LLMFI_KEY(&j, "reasoning_content") || LLMFI_KEY(&j, "reasoning_details") || LLMFI_KEY(&j, "reasoning");
        if (llmfi_json_raw(&j, &raw) <= 0) break;
        if (!ours) continue;
        llmfi_jw_key_str(w, key);
        llmfi_jw_raw(w, raw);
        any = true;
    }
    return any;
}
#endif

static void llmfi_openai_back(const llmfi_ask *a, llmfi_jw *w, const llmf_message *m) {
#if LLMF_HAS_STATE
    llmf_str state = m->state.len ? llmfi_openai_state(a->model, m->state) : llmfi_str("", 0);
#endif
    if (!llmfi_openai_quirk(a, LLMFI_Q_BACK_REASONING_CONTENT | LLMFI_Q_BACK_REASONING_DETAILS | LLMFI_Q_BACK_REASONING)) return;
#if LLMF_HAS_STATE
    if (state.len && llmfi_openai_state_members(w, state)) return;
#endif
    if (!llmfi_openai_quirk(a, LLMFI_Q_BACK_REASONING_CONTENT)) {
        if (m->reasoning.len) llmfi_jw_member_str(w, "reasoning", m->reasoning);
    } else if (m->reasoning.len || m->tool_call_count) {
        /* also empty: DeepSeek refuses a turn with calls that lacks it ("Thinking Mode", tool calls), whoever made that turn */
        llmfi_jw_member_str(w, "reasoning_content", m->reasoning);
    }
}

static void llmfi_openai_message(const llmfi_ask *a, llmfi_jw *w, size_t at) {
    const llmf_message *m = &a->req->messages[at];
    llmf_str lead = llmfi_str("", 0);
    llmfi_jw_object(w);
    llmfi_jw_member_cstr(w, "role", m->role == LLMF_SYSTEM ? llmfi_openai_system_role(a) : m->role == LLMF_ASSISTANT ? "assistant" : m->role == LLMF_TOOL ? "tool" : "user");
    if (m->role == LLMF_USER && llmfi_openai_quirk(a, LLMFI_Q_SYSTEM_AS_USER) && at == llmfi_openai_first_user(a->req))
        lead = llmfi_text_at(a->req->system, a->req->system_len);
    if (m->role == LLMF_TOOL) llmfi_jw_member_str(w, "tool_call_id", m->tool_call_id);
    else if (m->name.len) llmfi_jw_member_str(w, "name", m->name); /* of a participant; a tool's name is not taken */
    if (m->role == LLMF_ASSISTANT && m->tool_call_count && !m->content_len && !m->part_count) {
        llmfi_jw_key(w, "content");
        llmfi_jw_null(w);
    } else {
        llmfi_openai_content(w, lead, m);
    }
    if (m->role == LLMF_ASSISTANT) {
        llmfi_openai_back(a, w, m);
        if (m->tool_call_count) {
            llmfi_jw_key(w, "tool_calls");
            llmfi_jw_function_calls(w, m);
        }
    }
    llmfi_jw_object_end(w);
}

/* The request's system text as a message of its own, unless it leads a user message. */
static void llmfi_openai_system(const llmfi_ask *a, llmfi_jw *w) {
    const llmf_request *q = a->req;
    llmf_str text = llmfi_text_at(q->system, q->system_len);
    if (!text.len) return;
    if (llmfi_openai_quirk(a, LLMFI_Q_SYSTEM_AS_USER) && llmfi_openai_first_user(q) < q->message_count) return;
    llmfi_jw_object(w);
    llmfi_jw_member_cstr(w, "role", llmfi_openai_system_role(a));
    llmfi_jw_member_str(w, "content", text);
    llmfi_jw_object_end(w);
}

static bool llmfi_openai_body(const llmfi_ask *a, unsigned step, llmfi_jw *w) {
    static const llmfi_openai_form form = { "messages", false, llmfi_openai_head, llmfi_openai_system, llmfi_openai_message };
    return llmfi_openai_steps(a, step, w, &form);
}

/* ==== replies ===================================================================================================== */

/* dialect.number: what is remembered between frames. */
enum {
    LLMFI_OPENAI_USAGE,                      /* a `usage` has come: x_groq's no longer counts */
    LLMFI_OPENAI_BACK,                       /* the state has an open string of reasoning */
    LLMFI_OPENAI_DETAIL,                     /* the last of reasoning_details in dialect.buf[0] is open: LLMFI_OPENAI_OPEN… */
    LLMFI_OPENAI_DETAIL_KIND,                /* 1 reasoning.text, 2 reasoning.summary */
    LLMFI_OPENAI_DETAIL_INDEX                /* its index; -1: none */
};

#if LLMF_HAS_STATE
/* ---- reasoning as it must go back (dialect.buf[0]: reasoning_details so far; buf[1]: the open one's other members) ---- */

static uint32_t llmfi_openai_back_quirks(const llmfi_reply *r) {
    const llmfi_settings *model = (const llmfi_settings *)r->user;
    return model ? model->quirks & (LLMFI_Q_BACK_REASONING_CONTENT | LLMFI_Q_BACK_REASONING_DETAILS | LLMFI_Q_BACK_REASONING) : 0;
}

/* Raw text of a JSON string or value, with what is no UTF-8 replaced. */
static void llmfi_openai_state_raw(llmfi_reply *r, llmfi_buf *b, llmf_str raw) {
    llmfi_out out;
    llmfi_utf8 u;
    memset(&u, 0, sizeof u);
    llmfi_out_buf(&out, b);
    llmfi_utf8_feed(&u, raw, &out);
    llmfi_utf8_end(&u, &out);
    if (out.failed) llmfi_reply_no_memory(r);
}

static void llmfi_openai_state_begin(llmfi_reply *r) {
    if (r->state.len) return;
    llmfi_openai_state_raw(r, &r->state, LLMFI_LIT("openai/"));
    llmfi_openai_state_raw(r, &r->state, ((const llmfi_settings *)r->user)->provider);
    llmfi_openai_state_raw(r, &r->state, LLMFI_LIT(":{"));
}

/* Reasoning text has come: it is also kept as the member that the provider wants back. */
LLMFI_UNUSED static void llmfi_openai_keep_reasoning(llmfi_reply *r, const llmfi_json *j) {
    uint32_t back = llmfi_openai_back_quirks(r);
    if (!(back & (LLMFI_Q_BACK_REASONING_CONTENT | LLMFI_Q_BACK_REASONING))) return;
    llmfi_openai_state_begin(r);
    if (!r->dialect.number[LLMFI_OPENAI_BACK])
        llmfi_openai_state_raw(r, &r->state, back & LLMFI_Q_BACK_REASONING_CONTENT ? LLMFI_LIT("\"reasoning_content\":\"") : LLMFI_LIT("\"reasoning\":\""));
    r->dialect.number[LLMFI_OPENAI_BACK] = 1;
    llmfi_openai_state_raw(r, &r->state, j->text);
}

/* The open detail is whole: its string ends, its other members follow. */
static void llmfi_openai_detail_close(llmfi_reply *r) {
    llmf_str rest = llmfi_buf_str(&r->dialect.buf[1]);
    if (!r->dialect.number[LLMFI_OPENAI_DETAIL]) return;
    r->dialect.number[LLMFI_OPENAI_DETAIL] = 0;
    llmfi_openai_state_raw(r, &r->dialect.buf[0], LLMFI_LIT("\""));
    llmfi_openai_state_raw(r, &r->dialect.buf[0], rest);
    llmfi_openai_state_raw(r, &r->dialect.buf[0], LLMFI_LIT("}"));
    r->dialect.buf[1].len = 0;
}

/* Takes the member `key` (quoted) out of the open one's: what comes later stands in its place. buf[1] is ,"a":1,"b":2 */
static void llmfi_openai_detail_forget(llmfi_reply *r, llmf_str key) {
    llmfi_buf *b = &r->dialect.buf[1];
    size_t at = 0;
    while (at + 1 < b->len) {
        llmfi_json j;
        llmf_str member = llmfi_from(llmfi_buf_str(b), at + 1);
        size_t colon;
        llmfi_json_init(&j, member, true);
        if (llmfi_json_next(&j) != LLMFI_J_STRING) return;
        colon = (size_t)(j.at - member.ptr);
        llmfi_json_init(&j, llmfi_from(member, colon + 1), false);
        if (llmfi_json_skip(&j) <= 0 && colon + 1 < member.len) j.at = member.ptr + member.len; /* a number at the very end */
        if (llmfi_eq(llmfi_str(member.ptr, colon), key)) {
            size_t end = (size_t)(j.at - b->ptr);
            memmove(b->ptr + at, j.at, b->len - end);
            b->len -= end - at;
            return;
        }
        at = (size_t)(j.at - b->ptr);
    }
}

/* What an element of reasoning_details says of itself. */
typedef struct llmfi_openai_detail {
    int kind;                                /* 1 reasoning.text, 2 reasoning.summary, 0 others: these are never joined */
    int64_t index;
    llmf_str raw, text;                      /* all of it; the raw content of its string */
} llmfi_openai_detail;

static llmfi_openai_detail llmfi_openai_detail_read(llmf_str raw) {
    llmfi_openai_detail d;
    llmfi_json j;
    llmf_str text = llmfi_str("", 0), summary = llmfi_str("", 0);
    memset(&d, 0, sizeof d);
    d.index = -1;
    d.raw = raw;
    llmfi_json_init(&j, raw, true);
    if (llmfi_json_next(&j) == LLMFI_J_OBJECT)
        while (llmfi_json_next(&j) == LLMFI_J_KEY) {
            bool type = LLMFI_KEY(&j, "type"), index = LLMFI_KEY(&j, "index"), in_text = LLMFI_KEY(&j, "text"), in_summary = LLMFI_KEY(&j, "summary");
            if (llmfi_json_skip(&j) < 0) break;
            if (type && LLMFI_KEY(&j, "reasoning.text")) d.kind = 1;
            else if (type && LLMFI_KEY(&j, "reasoning.summary")) d.kind = 2;
            else if (index) d.index = llmfi_reply_number(&j);
            else if (in_text && j.token == LLMFI_J_STRING) text = j.text;
            else if (in_summary && j.token == LLMFI_J_STRING) summary = j.text;
        }
    d.text = d.kind == 2 ? summary : text;
    return d;
}

/* The members beside type and text go into buf[1]; null says nothing. */
static void llmfi_openai_detail_members(llmfi_reply *r, const llmfi_openai_detail *d) {
    llmfi_json j;
    llmfi_json_init(&j, d->raw, true);
    if (llmfi_json_next(&j) != LLMFI_J_OBJECT) return;
    while (llmfi_json_next(&j) == LLMFI_J_KEY) {
        llmf_str key = llmfi_str(j.text.ptr - 1, j.text.len + 2), raw;
        bool skip = LLMFI_KEY(&j, "type") || (d->kind == 2 ? LLMFI_KEY(&j, "summary") : LLMFI_KEY(&j, "text"));
        if (llmfi_json_raw(&j, &raw) <= 0) return;
        if (skip || LLMFI_IS(raw, "null")) continue;
        llmfi_openai_detail_forget(r, key);
        llmfi_openai_state_raw(r, &r->dialect.buf[1], LLMFI_LIT(","));
        llmfi_openai_state_raw(r, &r->dialect.buf[1], key);
        llmfi_openai_state_raw(r, &r->dialect.buf[1], LLMFI_LIT(":"));
        llmfi_openai_state_raw(r, &r->dialect.buf[1], raw);
    }
}

/* One element: joined to the open one where it goes on (OpenRouter streams text and summary in pieces of the same type and index), else a new one. */
LLMFI_UNUSED static void llmfi_openai_keep_detail(llmfi_reply *r, llmf_str raw) {
    llmfi_openai_detail d = llmfi_openai_detail_read(raw);
    int64_t *number = r->dialect.number;
    llmfi_buf *b = &r->dialect.buf[0];
    bool joins = r->streamed && d.kind;
    if (!joins || !number[LLMFI_OPENAI_DETAIL] || number[LLMFI_OPENAI_DETAIL_KIND] != d.kind || number[LLMFI_OPENAI_DETAIL_INDEX] != d.index) {
        llmfi_openai_detail_close(r);
        if (b->len) llmfi_openai_state_raw(r, b, LLMFI_LIT(","));
        if (joins) {
            if (d.kind == 1) llmfi_openai_state_raw(r, b, LLMFI_LIT("{\"type\":\"reasoning.text\",\"text\":\""));
            else llmfi_openai_state_raw(r, b, LLMFI_LIT("{\"type\":\"reasoning.summary\",\"summary\":\""));
            number[LLMFI_OPENAI_DETAIL] = 1;
            number[LLMFI_OPENAI_DETAIL_KIND] = d.kind;
            number[LLMFI_OPENAI_DETAIL_INDEX] = d.index;
        }
    }
    llmfi_openai_state_raw(r, b, joins ? d.text : raw);
    if (joins) llmfi_openai_detail_members(r, &d);
}

/* Completes the state; of a reply that is not whole there is none. */
static void llmfi_openai_on_end(llmfi_reply *r) {
    bool text = r->dialect.number[LLMFI_OPENAI_BACK] != 0;
    if (r->error.code || !r->terminal) {
        r->state.len = 0;
        return;
    }
    llmfi_openai_detail_close(r);
    if (!text && !r->dialect.buf[0].len) return;
    llmfi_openai_state_begin(r);
    if (text) llmfi_openai_state_raw(r, &r->state, LLMFI_LIT("\""));
    if (r->dialect.buf[0].len) {
        if (text) llmfi_openai_state_raw(r, &r->state, LLMFI_LIT(","));
        llmfi_openai_state_raw(r, &r->state, LLMFI_LIT("\"reasoning_details\":["));
        llmfi_openai_state_raw(r, &r->state, llmfi_buf_str(&r->dialect.buf[0]));
        llmfi_openai_state_raw(r, &r->state, LLMFI_LIT("]"));
    }
    llmfi_openai_state_raw(r, &r->state, LLMFI_LIT("}"));
    if (!llmfi_openai_state((const llmfi_settings *)r->user, llmfi_buf_str(&r->state)).len) r->state.len = 0; /* a frame was taken back halfway */
}
#endif

/* ---- reading ---- */

/* The next value if it is a string (true, *j stands at it); anything else is passed over. */
static bool llmfi_openai_string(llmfi_json *j) {
    return llmfi_json_scalar(j) == LLMFI_J_STRING;
}

/* The text of the next value if it is a string; anything else leaves *to as it is. */
static void llmfi_openai_text(llmfi_reply *r, llmfi_json *j, llmf_str *to) {
    if (llmfi_openai_string(j)) *to = llmfi_reply_string(r, j);
}

/* The next value as a count; what is none makes *to unknown. */
static void llmfi_openai_number(llmfi_json *j, int64_t *to) {
    *to = llmfi_json_tokens(j);
}

/* An item of a list that is of no interest has been begun. */
static void llmfi_openai_pass(llmfi_json *j) {
    if (j->token == LLMFI_J_OBJECT || j->token == LLMFI_J_ARRAY) llmfi_json_skip(j);
}

/* The next object of a list that was entered; items of other kinds are passed over. False: the list has ended. */
static bool llmfi_openai_item(llmfi_json *j) {
    int token;
    while ((token = llmfi_json_next(j)) > 0 && token != LLMFI_J_ARRAY_END) {
        if (token == LLMFI_J_OBJECT) return true;
        llmfi_openai_pass(j);
    }
    return false;
}

#if LLMF_HAS_REASONING
/* The parts of `thinking`, Mistral's; or its plain string. j stands at the key. */
static void llmfi_openai_thinking(llmfi_reply *r, llmfi_json *j) {
    if (llmfi_json_next(j) == LLMFI_J_STRING) {
        llmfi_reply_reasoning_json(r, j);
        return;
    }
    if (j->token != LLMFI_J_ARRAY) {
        llmfi_openai_pass(j);
        return;
    }
    while (llmfi_openai_item(j))
        while (llmfi_json_next(j) == LLMFI_J_KEY)
            if (!LLMFI_KEY(j, "text")) llmfi_json_skip(j);
            else if (llmfi_openai_string(j)) llmfi_reply_reasoning_json(r, j);
}
#endif

/* Content that is a list, which was just entered. RULES 5: text parts and thinking parts; what stands first does not matter. */
#define LLMFI_OPENAI_PART(X) X(LLMFI_IN_PART_, type) X(LLMFI_IN_PART_, text) X(LLMFI_IN_PART_, thinking)
enum { LLMFI_OPENAI_PART(LLMFI_MEMBER) LLMFI_IN_PART_OTHER };
static void llmfi_openai_parts(llmfi_reply *r, llmfi_json *j) {
    while (llmfi_openai_item(j)) {
        llmfi_value text;
        bool is_text = true;
        int at;
        memset(&text, 0, sizeof text);
        while ((at = LLMFI_PICK(LLMFI_OPENAI_PART, LLMFI_IN_PART_OTHER)) >= 0) {
            if (at == LLMFI_IN_PART_type) {
                if (llmfi_openai_string(j)) is_text = LLMFI_KEY(j, "text");
            } else if (at == LLMFI_IN_PART_text) {
                llmfi_value_take(j, &text);
#if LLMF_HAS_REASONING
            } else if (at == LLMFI_IN_PART_thinking) {
                llmfi_openai_thinking(r, j);
#endif
            } else {
                llmfi_json_skip(j);
            }
        }
        if (text.token == LLMFI_J_STRING && is_text) {
            llmfi_json at_text = llmfi_value_json(&text);
            llmfi_reply_text_json(r, &at_text);
        }
    }
}

#if LLMF_HAS_REASONING
/* The readable words of reasoning_details, a list that was just entered. */
static void llmfi_openai_details_text(llmfi_reply *r, llmfi_json *j) {
    while (llmfi_openai_item(j))
        while (llmfi_json_next(j) == LLMFI_J_KEY)
            if (!LLMFI_KEY(j, "text") && !LLMFI_KEY(j, "summary")) llmfi_json_skip(j);
            else if (llmfi_openai_string(j)) llmfi_reply_reasoning_json(r, j);
}

#if LLMF_HAS_STATE
static void llmfi_openai_details_state(llmfi_reply *r, llmfi_json *j) {
    llmf_str raw;
    int token;
    while ((token = llmfi_json_raw(j, &raw)) > 0 && token != LLMFI_J_ARRAY_END)
        if (token == LLMFI_J_OBJECT) llmfi_openai_keep_detail(r, raw);
}
#endif

/* What a delta or message holds, until it is told in the order of reasoning, text, calls, whatever its own. A reader that stands at the string, or in front of the list. */
typedef struct llmfi_openai_delta {
    llmfi_json content, reasoning, details, calls;
    bool has_content, has_details, has_calls;
    int reasoning_rank;                      /* 2 reasoning, 1 reasoning_content, 0 none: RULES 3. Details would repeat it */
} llmfi_openai_delta;

static void llmfi_openai_tell(llmfi_reply *r, llmfi_openai_delta *d) {
    if (d->reasoning_rank) {
        llmfi_reply_reasoning_json(r, &d->reasoning);
#if LLMF_HAS_STATE
        llmfi_openai_keep_reasoning(r, &d->reasoning);
#endif
    } else if (d->has_details) {
        llmfi_json j = d->details;
        llmfi_openai_details_text(r, &j);
    }
#if LLMF_HAS_STATE
    if (d->has_details && (llmfi_openai_back_quirks(r) & LLMFI_Q_BACK_REASONING_DETAILS)) llmfi_openai_details_state(r, &d->details);
#endif
    if (d->has_content) {
        if (d->content.token == LLMFI_J_STRING) llmfi_reply_text_json(r, &d->content);
        else llmfi_openai_parts(r, &d->content);
    }
}

/* `content`: a string, or a list of parts. */
static void llmfi_openai_take_content(llmfi_openai_delta *d, llmfi_json *j) {
    int token = llmfi_json_next(j);
    if ((token == LLMFI_J_STRING && j->text.len) || token == LLMFI_J_ARRAY) {
        d->content = *j;
        d->has_content = true;
    }
    llmfi_openai_pass(j);
}

/* A list, to be read later. */
static void llmfi_openai_put_aside(llmfi_json *j, llmfi_json *list, bool *has) {
    if (llmfi_json_next(j) == LLMFI_J_ARRAY) {
        *list = *j;
        *has = true;
    }
    llmfi_openai_pass(j);
}

static void llmfi_openai_take_reasoning(llmfi_openai_delta *d, llmfi_json *j, int rank) {
    if (!llmfi_openai_string(j) || !j->text.len || rank <= d->reasoning_rank) return;
    d->reasoning = *j;
    d->reasoning_rank = rank;
}
#endif

/* ---- tool calls ---- */

typedef struct llmfi_openai_call {
    int64_t index;                           /* -1: none */
    llmf_str id, name;
    llmfi_value args;                        /* as a rule a string; some hosts give the object itself */
    bool function, custom;                   /* custom: a free-form tool's, no function's (RULES 10) */
} llmfi_openai_call;

#define LLMFI_OPENAI_FUNCTION(X) X(LLMFI_IN_FUNCTION_, name) X(LLMFI_IN_FUNCTION_, arguments)
enum { LLMFI_OPENAI_FUNCTION(LLMFI_MEMBER) LLMFI_IN_FUNCTION_OTHER };
static void llmfi_openai_take_function(llmfi_reply *r, llmfi_json *j, llmfi_openai_call *c) {
    int at;
    if (!llmfi_json_enter(j, LLMFI_J_OBJECT)) return;
    while ((at = LLMFI_PICK(LLMFI_OPENAI_FUNCTION, LLMFI_IN_FUNCTION_OTHER)) >= 0) {
        if (at == LLMFI_IN_FUNCTION_name) llmfi_openai_text(r, j, &c->name);
        else if (at == LLMFI_IN_FUNCTION_arguments) llmfi_value_take(j, &c->args);
        else llmfi_json_skip(j);
    }
}

/* RULES 13: which call a fragment of a stream belongs to; -1: a new one. */
static int llmfi_openai_belongs(const llmfi_reply *r, const llmfi_openai_call *c) {
    int at = c->index >= 0 ? llmfi_reply_tool_find(r, c->index) : llmfi_reply_tool_count(r) - 1;
    const llmfi_tool_state *t;
    if (!r->streamed || at < 0) return -1;
    t = llmfi_reply_tool(r, at);
    if (c->index < 0 && !c->id.len && c->name.len) return -1;
    return c->id.len && t->id.len && !t->made && !llmfi_eq(c->id, t->id) ? -1 : at;
}

static void llmfi_openai_tell_call(llmfi_reply *r, const llmfi_openai_call *c) {
    int at;
    if (c->custom && !c->function) return;
    at = llmfi_openai_belongs(r, c);
    if (at < 0) at = llmfi_reply_tool_begin(r, r->streamed ? c->index : -1, c->id, c->name);
    else llmfi_reply_tool_name(r, at, c->id, c->name);
    if (at < 0) return;
    if (c->args.token == LLMFI_J_STRING) {
        llmfi_json args = llmfi_value_json(&c->args);
        llmfi_reply_tool_args_json(r, at, &args);
    } else if (c->args.token > LLMFI_J_NULL) {
        llmfi_reply_tool_args(r, at, llmfi_reply_clean(r, c->args.text));
    }
}

/* tool_calls, a list that was just entered. */
#define LLMFI_OPENAI_CALL(X) X(LLMFI_IN_CALL_, index) X(LLMFI_IN_CALL_, id) X(LLMFI_IN_CALL_, function) X(LLMFI_IN_CALL_, type) X(LLMFI_IN_CALL_, custom)
enum { LLMFI_OPENAI_CALL(LLMFI_MEMBER) LLMFI_IN_CALL_OTHER };
static void llmfi_openai_tool_calls(llmfi_reply *r, llmfi_json *j) {
    while (llmfi_openai_item(j)) {
        llmfi_openai_call c;
        int at;
        memset(&c, 0, sizeof c);
        c.index = -1;
        while ((at = LLMFI_PICK(LLMFI_OPENAI_CALL, LLMFI_IN_CALL_OTHER)) >= 0) {
            switch (at) {
            case LLMFI_IN_CALL_index: llmfi_openai_number(j, &c.index); break;
            case LLMFI_IN_CALL_id: llmfi_openai_text(r, j, &c.id); break;
            case LLMFI_IN_CALL_function: llmfi_openai_take_function(r, j, &c); break;
            case LLMFI_IN_CALL_type:
                if (!llmfi_openai_string(j)) break;
                if (LLMFI_KEY(j, "custom")) c.custom = true;
                else if (LLMFI_KEY(j, "function")) c.function = true;
                break;
            case LLMFI_IN_CALL_custom: c.custom = true; /* fall through */
            default: llmfi_json_skip(j);
            }
        }
        if (j->token != LLMFI_J_OBJECT_END) return;
        llmfi_openai_tell_call(r, &c);
    }
}

/* ---- citations ---- */

#if LLMF_HAS_CITATIONS
/* An object with url and title, which was just entered; url_citation holds another. */
static void llmfi_openai_citation(llmfi_reply *r, llmfi_json *j, int depth) {
    llmf_str url = llmfi_str("", 0), title = llmfi_str("", 0);
    while (llmfi_json_next(j) == LLMFI_J_KEY) {
        bool is_url = LLMFI_KEY(j, "url"), is_title = LLMFI_KEY(j, "title");
        if (depth == 0 && LLMFI_KEY(j, "url_citation")) {
            if (llmfi_json_enter(j, LLMFI_J_OBJECT)) llmfi_openai_citation(r, j, 1);
        } else if (!is_url && !is_title) {
            llmfi_json_skip(j);
        } else if (llmfi_openai_string(j)) {
            if (is_url) url = llmfi_reply_string(r, j);
            else title = llmfi_reply_string(r, j);
        }
    }
    if (url.len) llmfi_reply_citation(r, url, title);
}

/* annotations, citations or search_results: a list of objects or of URLs. j stands at the key. */
static void llmfi_openai_citations(llmfi_reply *r, llmfi_json *j) {
    int token;
    if (!llmfi_json_enter(j, LLMFI_J_ARRAY)) return;
    while ((token = llmfi_json_next(j)) > 0 && token != LLMFI_J_ARRAY_END) {
        if (token == LLMFI_J_OBJECT) llmfi_openai_citation(r, j, 0);
        else if (token == LLMFI_J_STRING) llmfi_reply_citation(r, llmfi_reply_string(r, j), llmfi_str("", 0));
        else llmfi_openai_pass(j);
    }
}
#else
static void llmfi_openai_citations(llmfi_reply *r, llmfi_json *j) {
    (void)r;
    llmfi_json_skip(j);
}
#endif

/* ---- usage ---- */

/* What a usage's details count. Those of the bits in `wanted` go into their places, no other: of audio both sides tell. */
#define LLMFI_OPENAI_DETAILS(X)                                                                              \
    X(LLMFI_IN_DETAILS_, cached_tokens) X(LLMFI_IN_DETAILS_, cache_write_tokens) X(LLMFI_IN_DETAILS_, audio_tokens) \
    X(LLMFI_IN_DETAILS_, reasoning_tokens)
enum { LLMFI_OPENAI_DETAILS(LLMFI_MEMBER) LLMFI_IN_DETAILS_OTHER };
static void llmfi_openai_details(llmfi_json *j, unsigned wanted, int64_t *to) {
    int at;
    if (!llmfi_json_enter(j, LLMFI_J_OBJECT)) return;
    while ((at = LLMFI_PICK(LLMFI_OPENAI_DETAILS, LLMFI_IN_DETAILS_OTHER)) >= 0)
        if (wanted >> at & 1) llmfi_openai_number(j, &to[at]);
        else llmfi_json_skip(j);
}

static int64_t llmfi_openai_either(int64_t a, int64_t b) {
    return a != LLMF_UNKNOWN ? a : b;
}

/* The members of a usage object in the order that they mostly come in. */
#define LLMFI_OPENAI_USAGE_MEMBERS(X)                                                                                                    \
    X(LLMFI_IN_USAGE_, prompt_tokens) X(LLMFI_IN_USAGE_, completion_tokens) X(LLMFI_IN_USAGE_, total_tokens)                             \
    X(LLMFI_IN_USAGE_, prompt_tokens_details) X(LLMFI_IN_USAGE_, completion_tokens_details) X(LLMFI_IN_USAGE_, cached_tokens)            \
    X(LLMFI_IN_USAGE_, num_cached_tokens) X(LLMFI_IN_USAGE_, prompt_cache_hit_tokens) X(LLMFI_IN_USAGE_, cache_creation_input_tokens)    \
    X(LLMFI_IN_USAGE_, reasoning_tokens)
enum { LLMFI_OPENAI_USAGE_MEMBERS(LLMFI_MEMBER) LLMFI_IN_USAGE_OTHER };

/* A usage object, which was just entered (RULES 19). */
static void llmfi_openai_usage(llmfi_reply *r, llmfi_json *j) {
    int64_t c[(int)LLMFI_IN_USAGE_OTHER + (int)LLMFI_IN_DETAILS_OTHER], *details = c + LLMFI_IN_USAGE_OTHER;
    int at;
    memset(c, 0xff, sizeof c); /* LLMF_UNKNOWN in each */
    while ((at = LLMFI_PICK(LLMFI_OPENAI_USAGE_MEMBERS, LLMFI_IN_USAGE_OTHER)) >= 0) {
        if (at == LLMFI_IN_USAGE_prompt_tokens_details) llmfi_openai_details(j, (1u << LLMFI_IN_DETAILS_reasoning_tokens) - 1, details);
        else if (at == LLMFI_IN_USAGE_completion_tokens_details) llmfi_openai_details(j, 1u << LLMFI_IN_DETAILS_reasoning_tokens, details);
        else if (at < LLMFI_IN_USAGE_OTHER) llmfi_openai_number(j, &c[at]);
        else llmfi_json_skip(j);
    }
    r->usage.input = c[LLMFI_IN_USAGE_prompt_tokens];
    r->usage.output = c[LLMFI_IN_USAGE_completion_tokens];
    r->usage.cache_read = llmfi_openai_either(details[LLMFI_IN_DETAILS_cached_tokens], llmfi_openai_either(c[LLMFI_IN_USAGE_cached_tokens],
                          llmfi_openai_either(c[LLMFI_IN_USAGE_num_cached_tokens], c[LLMFI_IN_USAGE_prompt_cache_hit_tokens])));
    r->usage.cache_write = llmfi_openai_either(details[LLMFI_IN_DETAILS_cache_write_tokens], c[LLMFI_IN_USAGE_cache_creation_input_tokens]);
    r->usage.reasoning = llmfi_openai_either(details[LLMFI_IN_DETAILS_reasoning_tokens], c[LLMFI_IN_USAGE_reasoning_tokens]);
    r->total_tokens = c[LLMFI_IN_USAGE_total_tokens];
    r->audio_tokens = details[LLMFI_IN_DETAILS_audio_tokens];
    r->chat_counts = true;
}

#define LLMFI_OPENAI_GROQ (LLMF_HAS_GROQ || LLMF_HAS_CONFIG || LLMF_HAS_REGISTER)
#if LLMFI_OPENAI_GROQ
/* x_groq: {"usage": {…}}, where no usage of the protocol's own has come (RULES 22). */
static void llmfi_openai_x_groq(llmfi_reply *r, llmfi_json *j) {
    if (!llmfi_json_enter(j, LLMFI_J_OBJECT)) return;
    while (llmfi_json_next(j) == LLMFI_J_KEY)
        if (!LLMFI_KEY(j, "usage") || r->dialect.number[LLMFI_OPENAI_USAGE]) llmfi_json_skip(j);
        else if (llmfi_json_enter(j, LLMFI_J_OBJECT)) llmfi_openai_usage(r, j);
}
#endif

/* ---- choices ---- */

#if LLMF_HAS_REASONING

/* A delta or message, which was just entered. */
static void llmfi_openai_delta_read(llmfi_reply *r, llmfi_json *j) {
    llmfi_openai_delta d;
    d.has_content = d.has_details = d.has_calls = false;
    d.reasoning_rank = 0;
    while (llmfi_json_next(j) == LLMFI_J_KEY) {
        if (LLMFI_KEY(j, "content")) llmfi_openai_take_content(&d, j);
        else if (LLMFI_KEY(j, "role")) llmfi_json_skip(j);
        else if (LLMFI_KEY(j, "reasoning_content")) llmfi_openai_take_reasoning(&d, j, 1);
        else if (LLMFI_KEY(j, "reasoning")) llmfi_openai_take_reasoning(&d, j, 2);
        else if (LLMFI_KEY(j, "refusal")) {
            if (llmfi_openai_string(j)) llmfi_reply_refusal_json(r, j);
        } else if (LLMFI_KEY(j, "tool_calls")) {
            llmfi_openai_put_aside(j, &d.calls, &d.has_calls);
        } else if (LLMFI_KEY(j, "reasoning_details")) {
            llmfi_openai_put_aside(j, &d.details, &d.has_details);
        } else if (LLMFI_KEY(j, "annotations")) llmfi_openai_citations(r, j);
        else llmfi_json_skip(j);
    }
    llmfi_openai_tell(r, &d);
    if (d.has_calls) llmfi_openai_tool_calls(r, &d.calls);
}

#else

/* A delta or message, which was just entered: told in its own order. */
#define LLMFI_OPENAI_DELTA(X) X(LLMFI_IN_DELTA_, content) X(LLMFI_IN_DELTA_, refusal) X(LLMFI_IN_DELTA_, tool_calls)
enum { LLMFI_OPENAI_DELTA(LLMFI_MEMBER) LLMFI_IN_DELTA_OTHER };
static void llmfi_openai_delta_read(llmfi_reply *r, llmfi_json *j) {
    int at;
    while ((at = LLMFI_PICK(LLMFI_OPENAI_DELTA, LLMFI_IN_DELTA_OTHER)) >= 0) {
        if (at == LLMFI_IN_DELTA_content) {
            if (llmfi_json_next(j) == LLMFI_J_STRING) llmfi_reply_text_json(r, j);
            else if (j->token == LLMFI_J_ARRAY) llmfi_openai_parts(r, j);
            else llmfi_openai_pass(j);
        } else if (at == LLMFI_IN_DELTA_refusal) {
            if (llmfi_openai_string(j)) llmfi_reply_refusal_json(r, j);
        } else if (at == LLMFI_IN_DELTA_tool_calls) {
            if (llmfi_json_enter(j, LLMFI_J_ARRAY)) llmfi_openai_tool_calls(r, j);
        } else {
            llmfi_json_skip(j);
        }
    }
}

#endif

/* What a frame holds besides what is told at once. */
typedef struct llmfi_openai_frame {
    bool choices, delta, fault;              /* seen: the choices, choice 0's delta, an error */
    bool told;                               /* something beside the delta counts: usage, an error, a reason to stop, another choice */
    llmf_str error;                          /* an error object inside a choice */
} llmfi_openai_frame;

#if !LLMFI_SMALL

/* The chunks of a stream are mostly the same bytes: in front of the delta id, model, time and fingerprint, behind it nulls. The front is remembered, with the
   reader as it stands behind it, and so is the rest; where the next chunk has the same bytes they are not read again, as they would say the same again, which
   is nothing. That is two thirds of a chunk's instructions. */
#define LLMFI_OPENAI_REMEMBER 1024

static void llmfi_openai_remember_front(llmfi_reply *r, const llmfi_json *j) {
    llmfi_dialect_state *d = &r->dialect;
    size_t len = (size_t)(j->at - j->from);
    d->front.len = 0;
    if (len > LLMFI_OPENAI_REMEMBER || !llmfi_buf_add(&d->front, j->from, len)) return; /* refused: only slower */
    d->behind = *j;
}

static void llmfi_openai_remember_rest(llmfi_reply *r, llmf_str rest) {
    r->dialect.rest.len = 0;
    if (rest.len <= LLMFI_OPENAI_REMEMBER) llmfi_buf_add(&r->dialect.rest, rest.ptr, rest.len);
}

/* True: the frame begins as remembered, and *j stands inside the delta of choice 0. */
static bool llmfi_openai_recall(const llmfi_reply *r, llmf_str frame, llmfi_json *j) {
    const llmfi_dialect_state *d = &r->dialect;
    if (!d->front.len || d->front.len > frame.len || memcmp(frame.ptr, d->front.ptr, d->front.len) != 0) return false;
    *j = d->behind;
    j->from = frame.ptr;
    j->at = frame.ptr + d->front.len;
    j->end = frame.ptr + frame.len;
    return true;
}

#endif

/* The members of a choice. index: as far as it is known, else -1; position: in the list, which counts where there is none. A delta in front of the index
   waits for it. */
#define LLMFI_OPENAI_CHOICE(X) \
    X(LLMFI_IN_CHOICE_, index) X(LLMFI_IN_CHOICE_, delta) X(LLMFI_IN_CHOICE_, finish_reason) X(LLMFI_IN_CHOICE_, message) X(LLMFI_IN_CHOICE_, error)
enum { LLMFI_OPENAI_CHOICE(LLMFI_MEMBER) LLMFI_IN_CHOICE_OTHER };
static void llmfi_openai_choice(llmfi_reply *r, llmfi_json *j, int64_t index, int64_t position, llmfi_openai_frame *f) {
    llmfi_json later;
    llmf_str finish = llmfi_str("", 0);
    llmfi_value error;
    bool waits = false;
    int at;
    error.token = 0;
    while ((at = LLMFI_PICK(LLMFI_OPENAI_CHOICE, LLMFI_IN_CHOICE_OTHER)) >= 0) {
        if (at == LLMFI_IN_CHOICE_index) {
            llmfi_openai_number(j, &index);
        } else if (at == (r->streamed ? LLMFI_IN_CHOICE_delta : LLMFI_IN_CHOICE_message)) {
            if (!llmfi_json_enter(j, LLMFI_J_OBJECT)) continue;
            if (f->delta) f->told = true; /* a second one: members may repeat */
            if (position == 0) f->delta = true;
            if (index < 0) {
                later = *j;
                waits = true;
            }
#if !LLMFI_SMALL
            if (index == 0 && position == 0 && r->streamed && !f->told && !finish.len && error.token != LLMFI_J_OBJECT) llmfi_openai_remember_front(r, j);
#endif
            if (index == 0) llmfi_openai_delta_read(r, j);
            else llmfi_json_skip(j);
        } else if (at == LLMFI_IN_CHOICE_finish_reason) {
            llmfi_openai_text(r, j, &finish);
        } else if (at == LLMFI_IN_CHOICE_error) {
            llmfi_value_take(j, &error);
        } else {
            llmfi_json_skip(j);
        }
    }
    if (finish.len || error.token == LLMFI_J_OBJECT || index || position) f->told = true;
    if (j->token != LLMFI_J_OBJECT_END || (index < 0 ? position : index) != 0) return; /* RULES 2 */
    if (waits) llmfi_openai_delta_read(r, &later);
    if (finish.len) {
        llmfi_reply_finish(r, finish);
        if (r->streamed) r->terminal = true;
    }
    if (error.token == LLMFI_J_OBJECT) f->error = error.text;
}

/* The choices from `position` on. */
static void llmfi_openai_choices(llmfi_reply *r, llmfi_json *j, int64_t position, llmfi_openai_frame *f) {
    f->choices = true;
    while (llmfi_openai_item(j)) llmfi_openai_choice(r, j, -1, position++, f);
}

/* ---- frames ---- */

/* The members of a chunk or of the whole body that follow. */
#define LLMFI_OPENAI_MEMBERS(X)                                                                                               \
    X(LLMFI_IN_FRAME_, choices) X(LLMFI_IN_FRAME_, model) X(LLMFI_IN_FRAME_, object) X(LLMFI_IN_FRAME_, usage) X(LLMFI_IN_FRAME_, error) \
    X(LLMFI_IN_FRAME_, x_groq) X(LLMFI_IN_FRAME_, citations) X(LLMFI_IN_FRAME_, search_results)
enum { LLMFI_OPENAI_MEMBERS(LLMFI_MEMBER) LLMFI_IN_FRAME_OTHER };
static void llmfi_openai_members(llmfi_reply *r, llmfi_json *j, llmfi_openai_frame *f) {
    int at, token;
    while ((at = LLMFI_PICK(LLMFI_OPENAI_MEMBERS, LLMFI_IN_FRAME_OTHER)) >= 0) {
        switch (at) {
        case LLMFI_IN_FRAME_choices:
            if (f->choices) f->told = true;
            if (llmfi_json_enter(j, LLMFI_J_ARRAY)) llmfi_openai_choices(r, j, 0, f);
            continue;
        case LLMFI_IN_FRAME_model:
            if (llmfi_openai_string(j) && !r->model_used.len) llmfi_reply_model(r, llmfi_reply_string(r, j));
            continue;
        case LLMFI_IN_FRAME_object:
            if (llmfi_openai_string(j) && LLMFI_KEY(j, "error")) f->fault = f->told = true;
            continue;
        case LLMFI_IN_FRAME_usage:
            if (!llmfi_json_enter(j, LLMFI_J_OBJECT)) continue;
            llmfi_openai_usage(r, j);
            r->dialect.number[LLMFI_OPENAI_USAGE] = 1;
            break;
        case LLMFI_IN_FRAME_error:
            token = llmfi_json_scalar(j);
            if (token > LLMFI_J_FALSE && !(token == LLMFI_J_STRING && !j->text.len)) f->fault = true;
            break;
#if LLMFI_OPENAI_GROQ
        case LLMFI_IN_FRAME_x_groq: llmfi_openai_x_groq(r, j); break;
#endif
        case LLMFI_IN_FRAME_citations: case LLMFI_IN_FRAME_search_results: llmfi_openai_citations(r, j); break;
        default: llmfi_json_skip(j); continue;
        }
        f->told = true;
    }
}

#if !LLMFI_SMALL
/* What follows the delta of choice 0 in a frame whose front was known. */
static void llmfi_openai_rest(llmfi_reply *r, llmfi_json *j, llmfi_openai_frame *f) {
    llmf_str rest = llmfi_range(j->at, j->end);
    bool inside = j->token == LLMFI_J_OBJECT_END;
    if (inside && rest.len && llmfi_eq(rest, llmfi_buf_str(&r->dialect.rest))) {
        j->at = j->end;
        j->want = LLMFI_JW_END;
        return;
    }
    llmfi_openai_choice(r, j, 0, 0, f);
    llmfi_openai_choices(r, j, 1, f);
    llmfi_openai_members(r, j, f);
    if (inside && !f->told && !j->error && llmfi_json_done(j)) llmfi_openai_remember_rest(r, rest);
}
#endif

static void llmfi_openai_on_frame(llmfi_reply *r, llmf_str event, llmf_str data) {
    llmfi_openai_frame f;
    llmfi_json j;
    (void)event; /* RULES 27 */
    if (r->error.code) return;
    llmfi_reply_mark(r);
    if (r->streamed && data.len < 32 && LLMFI_IS(llmfi_trim(data), "[DONE]")) {
        r->terminal = true;
        return;
    }
    f.choices = f.delta = f.fault = f.told = false;
    f.error = llmfi_str("", 0);
#if !LLMFI_SMALL
    if (llmfi_openai_recall(r, data, &j)) {
        f.delta = true;
        llmfi_openai_delta_read(r, &j);
        llmfi_openai_rest(r, &j, &f);
    } else
#endif
    {
        llmfi_json_init(&j, data, true);
        if (llmfi_json_next(&j) == LLMFI_J_OBJECT) llmfi_openai_members(r, &j, &f);
        else llmfi_openai_pass(&j);
    }
    if (!llmfi_frame_end(r, &j, data)) return;
    if (f.fault) llmfi_fault_object(r, data, llmfi_str("", 0));
    else if (f.error.len) llmfi_fault_object(r, f.error, llmfi_str("", 0));
    else if (!r->streamed && f.choices) r->terminal = true;
    else if (!r->streamed) llmfi_frame_foreign(r, "Chat Completions");
}

#if LLMF_HAS_STATE
#define LLMFI_OPENAI_ON_END llmfi_openai_on_end
#else
#define LLMFI_OPENAI_ON_END NULL
#endif

static const llmfi_adapter llmfi_openai = {
    "openai", llmfi_openai_check, llmfi_openai_path, NULL, llmfi_openai_body, LLMF_FRAMING_JSON, LLMF_FRAMING_SSE, llmfi_openai_on_frame, LLMFI_OPENAI_ON_END
};

#endif
