/* What Cohere answers ("Chat" and "Chat with Streaming"): bodies, and events of a stream. Nothing here knows what was asked. */
#ifndef LLMFI_PROVIDERS_COHERE_REPLY_H
#define LLMFI_PROVIDERS_COHERE_REPLY_H
#include "common.h"
#include "fault.h"

/* What an event may hold. A body may hold all of it. */
enum {
    LLMFI_COHERE_CONTENT = 1,
    LLMFI_COHERE_PLAN = 2,
    LLMFI_COHERE_CALLS = 4,
    LLMFI_COHERE_CITES = 8,
    LLMFI_COHERE_BEGINS = 16,                /* a block or call begins here; else it goes on */
    LLMFI_COHERE_CALL_ENDS = 32,
    LLMFI_COHERE_ENDS = 64,                  /* finish_reason, usage */
    LLMFI_COHERE_ALL = 95
};

static const struct {
    const char *type;
    int what;
} llmfi_cohere_events[] = { { "content-delta", LLMFI_COHERE_CONTENT },   { "content-start", LLMFI_COHERE_CONTENT | LLMFI_COHERE_BEGINS },
                            { "tool-plan-delta", LLMFI_COHERE_PLAN },    { "tool-call-start", LLMFI_COHERE_CALLS | LLMFI_COHERE_BEGINS },
                            { "tool-call-delta", LLMFI_COHERE_CALLS },   { "tool-call-end", LLMFI_COHERE_CALL_ENDS },
                            { "citation-start", LLMFI_COHERE_CITES },    { "message-end", LLMFI_COHERE_ENDS } };

static int llmfi_cohere_what(llmf_str type) {
    size_t i;
    for (i = 0; i < LLMFI_COUNT(llmfi_cohere_events); i++)
        if (llmfi_eq(type, llmfi_cstr(llmfi_cohere_events[i].type))) return llmfi_cohere_events[i].what;
    return 0;
}

/* A body or event on its way. Texts are raw. */
typedef struct llmfi_cohere_frame {
    int what;
    int64_t index;                           /* of the call; LLMF_UNKNOWN: none given */
    bool message, said;                      /* it has a message; an error's text in its place, or beside it */
    llmf_str finish, error, error_type;
} llmfi_cohere_frame;

/* ---- reasoning as it goes back: reply.dialect.buf[…], raw JSON between its quotes ---- */

enum { LLMFI_COHERE_PLANNED, LLMFI_COHERE_THOUGHT };

/* begins: a thinking block of its own, not more of the last one. */
static void llmfi_cohere_reason(llmfi_reply *r, const llmfi_json *j, int which, bool begins) {
    llmfi_reply_reasoning_json(r, j);
#if LLMF_HAS_STATE
    if (begins && r->dialect.buf[which].len) LLMFI_REPLY_PUT(r, &r->dialect.buf[which], "\"},{\"type\":\"thinking\",\"thinking\":\"");
    llmfi_reply_put(r, &r->dialect.buf[which], j->text);
#else
    (void)which, (void)begins;
#endif
}

/* The reply is whole: its state is <provider>:{"tool_plan":"…","content":[{"type":"thinking","thinking":"…"}]}, each member where there is something in it. */
static void llmfi_cohere_state(llmfi_reply *r) {
#if LLMF_HAS_STATE
    llmf_str plan = llmfi_buf_str(&r->dialect.buf[LLMFI_COHERE_PLANNED]), thought = llmfi_buf_str(&r->dialect.buf[LLMFI_COHERE_THOUGHT]);
    r->state.len = 0;
    if (!plan.len && !thought.len) return;
    llmfi_reply_put(r, &r->state, llmfi_state_owner((const llmfi_settings *)r->user, "cohere"));
    LLMFI_REPLY_PUT(r, &r->state, ":{");
    if (plan.len) LLMFI_REPLY_PUT(r, &r->state, "\"tool_plan\":\"");
    llmfi_reply_put(r, &r->state, plan);
    if (plan.len) llmfi_reply_put(r, &r->state, thought.len ? LLMFI_LIT("\",") : LLMFI_LIT("\""));
    if (thought.len) LLMFI_REPLY_PUT(r, &r->state, "\"content\":[{\"type\":\"thinking\",\"thinking\":\"");
    llmfi_reply_put(r, &r->state, thought);
    llmfi_reply_put(r, &r->state, thought.len ? LLMFI_LIT("\"}]}") : LLMFI_LIT("}"));
    if (r->error.code) r->state.len = 0;
#else
    (void)r;
#endif
}

/* ---- pieces of a message; each object was just opened ---- */

/* A part of the content; one of another type gives nothing (RULES 5). */
static void llmfi_cohere_part(llmfi_reply *r, llmfi_json *j, const llmfi_cohere_frame *f) {
    llmf_str type = llmfi_json_type(j);
    bool known = !type.len || LLMFI_IS(type, "text") || LLMFI_IS(type, "thinking");
    for (; j->token == LLMFI_J_KEY; llmfi_json_next(j)) {
        bool text = known && LLMFI_KEY(j, "text"), thinking = known && LLMFI_KEY(j, "thinking");
        if (llmfi_json_scalar(j) != LLMFI_J_STRING) continue;
        if (text) llmfi_reply_text_json(r, j);
        else if (thinking) llmfi_cohere_reason(r, j, LLMFI_COHERE_THOUGHT, (f->what & LLMFI_COHERE_BEGINS) != 0);
    }
}

/* A call, its beginning, or more of its arguments. */
static void llmfi_cohere_call(llmfi_reply *r, llmfi_json *j, const llmfi_cohere_frame *f) {
    llmf_str id = llmfi_str("", 0), name = id, args = id, type = llmfi_json_type(j);
    int at;
    for (; j->token == LLMFI_J_KEY; llmfi_json_next(j))
        if (LLMFI_KEY(j, "id")) {
            llmfi_json_take_raw(j, &id);
        } else if (LLMFI_KEY(j, "function")) {
            if (!llmfi_json_enter(j, LLMFI_J_OBJECT)) continue;
            while (llmfi_json_next(j) == LLMFI_J_KEY)
                if (LLMFI_KEY(j, "name")) llmfi_json_take_raw(j, &name);
                else if (LLMFI_KEY(j, "arguments")) llmfi_json_raw(j, &args);
                else llmfi_json_skip(j);
        } else {
            llmfi_json_skip(j);
        }
    if (j->error || (type.len && !LLMFI_IS(type, "function"))) return;
    if (f->what & LLMFI_COHERE_ENDS) {
        llmfi_reply_whole_call(r, id, name, args);
        return;
    }
    if (f->what & LLMFI_COHERE_BEGINS) {
        id = llmfi_reply_raw(r, id);
        at = llmfi_reply_tool_begin(r, f->index, id, llmfi_reply_raw(r, name));
    } else {
        at = llmfi_reply_tool_find(r, f->index);
    }
    if (at >= 0) llmfi_reply_raw_args(r, at, args);
}

#if LLMF_HAS_CITATIONS
/* A source: a document, or what a tool gave; both are the caller's own objects, in which url and title may stand. Else its id says what it is. */
static void llmfi_cohere_source(llmfi_reply *r, llmfi_json *j, const llmfi_cohere_frame *f) {
    llmf_str id = llmfi_str("", 0), title = id, url = id;
    (void)f;
    while (llmfi_json_next(j) == LLMFI_J_KEY)
        if (LLMFI_KEY(j, "id")) {
            llmfi_json_take_raw(j, &id);
        } else if (LLMFI_KEY(j, "document") || LLMFI_KEY(j, "tool_output")) {
            if (!llmfi_json_enter(j, LLMFI_J_OBJECT)) continue;
            while (llmfi_json_next(j) == LLMFI_J_KEY)
                if (LLMFI_KEY(j, "url")) llmfi_json_take_raw(j, &url);
                else if (LLMFI_KEY(j, "title")) llmfi_json_take_raw(j, &title);
                else llmfi_json_skip(j);
        } else {
            llmfi_json_skip(j);
        }
    if (j->error) return;
    url = llmfi_reply_raw(r, url);
    llmfi_reply_citation(r, url, llmfi_reply_raw(r, title.len ? title : id));
}
#endif

/* In a body lists of them, in an event one. Gives the value's token. */
static int llmfi_cohere_each(llmfi_reply *r, llmfi_json *j, const llmfi_cohere_frame *f, void (*one)(llmfi_reply *, llmfi_json *, const llmfi_cohere_frame *)) {
    int first = llmfi_json_next(j), token;
    if (first == LLMFI_J_OBJECT) one(r, j, f);
    if (first != LLMFI_J_ARRAY) return first;
    while ((token = llmfi_json_next(j)) > 0 && token != LLMFI_J_ARRAY_END)
        if (token == LLMFI_J_OBJECT) one(r, j, f);
        else if (token == LLMFI_J_ARRAY) llmfi_json_skip(j);
    return first;
}

#if LLMF_HAS_CITATIONS
static void llmfi_cohere_citation(llmfi_reply *r, llmfi_json *j, const llmfi_cohere_frame *f) {
    while (llmfi_json_next(j) == LLMFI_J_KEY)
        if (LLMFI_KEY(j, "sources")) llmfi_cohere_each(r, j, f, llmfi_cohere_source);
        else llmfi_json_skip(j);
}
#endif

static void llmfi_cohere_content_of(llmfi_reply *r, llmfi_json *j, const llmfi_cohere_frame *f) {
    if (llmfi_cohere_each(r, j, f, llmfi_cohere_part) == LLMFI_J_STRING) llmfi_reply_text_json(r, j);
}

/* The message, just opened. Of a body what was planned is told first, then the content, then the calls, whatever the order of members. */
static void llmfi_cohere_reply_message(llmfi_reply *r, llmfi_json *j, const llmfi_cohere_frame *f) {
    llmfi_json content, calls;
    bool whole = (f->what & LLMFI_COHERE_ENDS) != 0, has_content = false, has_calls = false;
    while (llmfi_json_next(j) == LLMFI_J_KEY) {
        if ((f->what & LLMFI_COHERE_CONTENT) && LLMFI_KEY(j, "content")) {
            content = *j;
            has_content = whole;
            if (whole) llmfi_json_skip(j);
            else llmfi_cohere_content_of(r, j, f);
        } else if ((f->what & LLMFI_COHERE_CALLS) && LLMFI_KEY(j, "tool_calls")) {
            calls = *j;
            has_calls = whole;
            if (whole) llmfi_json_skip(j);
            else llmfi_cohere_each(r, j, f, llmfi_cohere_call);
        } else if ((f->what & LLMFI_COHERE_PLAN) && LLMFI_KEY(j, "tool_plan")) {
            if (llmfi_json_scalar(j) == LLMFI_J_STRING) llmfi_cohere_reason(r, j, LLMFI_COHERE_PLANNED, false);
#if LLMF_HAS_CITATIONS
        } else if ((f->what & LLMFI_COHERE_CITES) && LLMFI_KEY(j, "citations")) {
            llmfi_cohere_each(r, j, f, llmfi_cohere_citation);
#endif
        } else {
            llmfi_json_skip(j);
        }
    }
    if (j->error) return;
    if (has_content) llmfi_cohere_content_of(r, &content, f);
    if (has_calls) llmfi_cohere_each(r, &calls, f, llmfi_cohere_call);
}

/* ---- the rest ---- */

/* RULES 19: tokens, not billed_units. */
static void llmfi_cohere_usage(llmfi_reply *r, llmfi_json *j) {
    int64_t image = LLMF_UNKNOWN;
    llmf_usage u;
    u.input = u.cache_read = u.cache_write = u.output = u.reasoning = LLMF_UNKNOWN;
    if (!llmfi_json_enter(j, LLMFI_J_OBJECT)) return;
    while (llmfi_json_next(j) == LLMFI_J_KEY)
        if (LLMFI_KEY(j, "cached_tokens")) {
            u.cache_read = llmfi_json_tokens(j);
        } else if (LLMFI_KEY(j, "tokens")) {
            if (!llmfi_json_enter(j, LLMFI_J_OBJECT)) continue;
            while (llmfi_json_next(j) == LLMFI_J_KEY)
                if (LLMFI_KEY(j, "input_tokens")) u.input = llmfi_json_tokens(j);
                else if (LLMFI_KEY(j, "image_tokens")) image = llmfi_json_tokens(j);
                else if (LLMFI_KEY(j, "output_tokens")) u.output = llmfi_json_tokens(j);
                else if (LLMFI_KEY(j, "reasoning_tokens")) u.reasoning = llmfi_json_tokens(j);
                else llmfi_json_skip(j);
        } else {
            llmfi_json_skip(j);
        }
    u.input = llmfi_reply_sum(u.input, image);
    r->usage = u;
}

/* The members of a body or of an event's delta, which look alike. */
static void llmfi_cohere_members(llmfi_reply *r, llmfi_json *j, llmfi_cohere_frame *f) {
    while (llmfi_json_next(j) == LLMFI_J_KEY) {
        bool ends = (f->what & LLMFI_COHERE_ENDS) != 0;
        if (LLMFI_KEY(j, "message")) {
            int token = llmfi_json_next(j);
            if (token == LLMFI_J_OBJECT) {
                f->message = true;
                llmfi_cohere_reply_message(r, j, f);
            } else if (token == LLMFI_J_ARRAY) {
                llmfi_json_skip(j);
            } else if (token == LLMFI_J_STRING) {
                f->said = true;
            }
        } else if (LLMFI_KEY(j, "error")) {
            llmfi_json_take_raw(j, &f->error);
            if (j->token != LLMFI_J_NULL) f->said = true;
        } else if (ends && LLMFI_KEY(j, "finish_reason")) {
            llmfi_json_take_raw(j, &f->finish);
        } else if (ends && LLMFI_KEY(j, "error_type")) {
            llmfi_json_take_raw(j, &f->error_type);
        } else if (ends && LLMFI_KEY(j, "usage")) {
            llmfi_cohere_usage(r, j);
        } else {
            llmfi_json_skip(j);
        }
    }
}

/* RULES 31; else the reply is whole. */
static void llmfi_cohere_ends(llmfi_reply *r, const llmfi_cohere_frame *f) {
    llmf_str word = llmfi_reply_raw(r, f->finish);
    int code = LLMFI_IS(word, "ERROR") ? LLMF_ERR_SERVER : LLMFI_IS(word, "TIMEOUT") ? LLMF_ERR_TIMEOUT : LLMF_OK;
    if (code != LLMF_OK) {
        if (f->error_type.len) word = llmfi_reply_raw(r, f->error_type);
        llmfi_fault_tell(r, code, word, llmfi_reply_raw(r, f->error));
        return;
    }
    llmfi_reply_finish(r, word);
    llmfi_cohere_state(r);
    r->terminal = true;
}

/* ---- frames ---- */

/* Nearly all events are {"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"…"}}}}, or have "thinking" there: read without asking
   for each token. False: this is another one, and nothing has been done. */
static bool llmfi_cohere_usual(llmfi_reply *r, llmf_str data) {
    llmf_str front = LLMFI_LIT("{\"type\":\"content-delta\",\"index\":"), text = LLMFI_LIT(",\"delta\":{\"message\":{\"content\":{\"text\":");
    llmf_str thinking = LLMFI_LIT(",\"delta\":{\"message\":{\"content\":{\"thinking\":"), rest;
    bool thinks;
    llmfi_json j;
    if (!llmfi_starts(data, front) || data.len == front.len || !llmfi_is_digit(data.ptr[front.len])) return false;
    rest = llmfi_from(data, front.len + 1);
    thinks = llmfi_starts(rest, thinking);
    if (!thinks && !llmfi_starts(rest, text)) return false;
    llmfi_json_init(&j, llmfi_from(rest, thinks ? thinking.len : text.len), true);
    if (llmfi_json_next(&j) != LLMFI_J_STRING || j.end - j.at != 4 || memcmp(j.at, "}}}}", 4) != 0) return false;
    if (thinks) llmfi_cohere_reason(r, &j, LLMFI_COHERE_THOUGHT, false);
    else llmfi_reply_text_json(r, &j);
    return true;
}

/* The members of an event, whose type was just read. A call's delta in front of its index waits for it. */
static void llmfi_cohere_event(llmfi_reply *r, llmfi_json *j, llmfi_cohere_frame *f) {
    llmfi_json later;
    bool waits = false;
    for (; j->token == LLMFI_J_KEY; llmfi_json_next(j)) {
        bool wrong = LLMFI_KEY(j, "error") || LLMFI_KEY(j, "message");
        if (LLMFI_KEY(j, "index")) {
            f->index = llmfi_json_tokens(j);
        } else if (!LLMFI_KEY(j, "delta") || !f->what) {
            if (llmfi_json_scalar(j) != LLMFI_J_NULL && wrong) f->said = true;
        } else if (f->index < 0 && (f->what & LLMFI_COHERE_CALLS)) {
            later = *j;
            waits = true;
            llmfi_json_skip(j);
        } else if (llmfi_json_enter(j, LLMFI_J_OBJECT)) {
            llmfi_cohere_members(r, j, f);
        }
    }
    if (!j->error && waits && llmfi_json_enter(&later, LLMFI_J_OBJECT)) llmfi_cohere_members(r, &later, f);
}

/* The whole body of a reply, or one event of a stream. */
static void llmfi_cohere_on_frame(llmfi_reply *r, llmf_str event, llmf_str data) {
    llmf_str type = llmfi_str("", 0);
    llmfi_cohere_frame f;
    llmfi_json j;
    int at;
    (void)event; /* the type inside counts (RULES 27) */
    if (r->error.code || (data.len < 32 && LLMFI_IS(llmfi_trim(data), "[DONE]"))) return; /* it stands behind message-end, which is the end */
    llmfi_reply_mark(r);
    if (r->streamed && llmfi_cohere_usual(r, data)) return;
    memset(&f, 0, sizeof f);
    f.index = LLMF_UNKNOWN;
    llmfi_json_init(&j, data, true);
    if (!llmfi_json_enter(&j, LLMFI_J_OBJECT)) {
        f.what = 0; /* no object: what that means is told below */
    } else if (r->streamed) {
        type = llmfi_json_type(&j);
        f.what = llmfi_cohere_what(type);
        llmfi_cohere_event(r, &j, &f);
    } else {
        f.what = LLMFI_COHERE_ALL;
        llmfi_cohere_members(r, &j, &f);
    }
    if (!llmfi_frame_end(r, &j, data)) return;
    at = f.what & LLMFI_COHERE_CALL_ENDS ? llmfi_reply_tool_find(r, f.index) : -1;
    if (at >= 0) llmfi_reply_tool_end(r, at);
    if ((f.what & LLMFI_COHERE_ENDS) && (f.message || r->streamed)) llmfi_cohere_ends(r, &f);
    else if (f.said && !type.len) llmfi_fault_object(r, data, llmfi_str("", 0));
    else if (!r->streamed) llmfi_frame_foreign(r, "an answer of Cohere's chat");
}

#endif
