/* What Claude answers: Messages bodies and stream events, wherever they come from. Nothing here knows what was asked. */
#ifndef LLMFI_PROVIDERS_ANTHROPIC_REPLY_H
#define LLMFI_PROVIDERS_ANTHROPIC_REPLY_H
#include "common.h"
#include "fault.h"

/* reply.dialect.number[…]. The open block is the one whose content_block_stop is still to come. */
enum {
    LLMFI_CLAUDE_KIND,                       /* of the open block: LLMFI_CLAUDE_… below */
    LLMFI_CLAUDE_INDEX,                      /* its index in the message */
    LLMFI_CLAUDE_CALL,                       /* the position of its tool call */
    LLMFI_CLAUDE_INPUT                       /* usage.input_tokens + 1; 0: not told yet */
};
enum { LLMFI_CLAUDE_OTHER, LLMFI_CLAUDE_THINKING, LLMFI_CLAUDE_TOOL };
/* reply.dialect.buf[…] of the open block, raw JSON: thinking and signature between their quotes; the input that a call began with. */
enum { LLMFI_CLAUDE_THOUGHT, LLMFI_CLAUDE_SIGNATURE, LLMFI_CLAUDE_BEGUN = LLMFI_CLAUDE_SIGNATURE };

/* What a frame asks to be done once all of it has been read and is whole. */
typedef struct llmfi_claude_event {
    llmf_str type;
    int64_t index;                           /* -1: not there, or not yet */
    bool looked;                             /* for an index behind what it is about: once, or many members would be read many times */
    bool content;                            /* the frame is a message with content */
} llmfi_claude_event;

/* The raw texts of a block. */
typedef struct llmfi_claude_block {
    llmf_str type, text, thinking, signature, data, id, name, input;
} llmfi_claude_block;

/* ---- state: thinking and redacted_thinking blocks as they must go back ---- */

/* One block more. */
static void llmfi_claude_state(llmfi_reply *r, const char *type, const char *member, llmf_str value, llmf_str signature) {
    llmfi_buf *b = &r->state;
    size_t before = llmfi_state_open(r, "anthropic");
    LLMFI_REPLY_PUT(r, b, "{\"type\":\"");
    llmfi_reply_put(r, b, llmfi_cstr(type));
    LLMFI_REPLY_PUT(r, b, "\",\"");
    llmfi_reply_put(r, b, llmfi_cstr(member));
    LLMFI_REPLY_PUT(r, b, "\":\"");
    llmfi_reply_put(r, b, value);
    if (signature.len) LLMFI_REPLY_PUT(r, b, "\",\"signature\":\"");
    llmfi_reply_put(r, b, signature);
    LLMFI_REPLY_PUT(r, b, "\"}");
    llmfi_state_close(r, before);
}

/* ---- blocks ---- */

/* The open block is over. Its buffers keep their bytes, for the frame may yet be undone. */
static void llmfi_claude_close(llmfi_reply *r) {
    int64_t *number = r->dialect.number;
    llmfi_buf *buf = r->dialect.buf;
    if (number[LLMFI_CLAUDE_KIND] == LLMFI_CLAUDE_THINKING) {
        llmfi_claude_state(r, "thinking", "thinking", llmfi_buf_str(&buf[LLMFI_CLAUDE_THOUGHT]), llmfi_buf_str(&buf[LLMFI_CLAUDE_SIGNATURE]));
    } else if (number[LLMFI_CLAUDE_KIND] == LLMFI_CLAUDE_TOOL && !r->error.code) {
        int at = (int)number[LLMFI_CLAUDE_CALL];
        if (!llmfi_reply_tool(r, at)->args.len) llmfi_reply_tool_args(r, at, llmfi_buf_str(&buf[LLMFI_CLAUDE_BEGUN]));
        llmfi_reply_tool_end(r, at);
    }
    number[LLMFI_CLAUDE_KIND] = LLMFI_CLAUDE_OTHER;
    buf[0].len = buf[1].len = 0;
}

/* The same, in a frame that is known to be whole. */
static void llmfi_claude_close_for_good(llmfi_reply *r) {
    int i;
    llmfi_claude_close(r);
    for (i = 0; i < 2; i++)
        if (r->dialect.buf[i].cap > LLMF_REPLY_KEEP) llmfi_buf_free(&r->dialect.buf[i]);
}

/* {} in any spelling: in a stream it only says that the input is still to come. */
static bool llmfi_claude_no_input(llmf_str input) {
    return !input.len || !llmfi_trim(llmfi_str(input.ptr + 1, input.len > 1 ? input.len - 2 : 0)).len;
}

/* Opens a block with what it began with. Server tools, their results, compaction and fallback give nothing (RULES 7, 10). */
static void llmfi_claude_open(llmfi_reply *r, const llmfi_claude_block *b, int64_t index) {
    int64_t *number = r->dialect.number;
    llmfi_json text;
    if (number[LLMFI_CLAUDE_KIND] != LLMFI_CLAUDE_OTHER) llmfi_claude_close(r);
    number[LLMFI_CLAUDE_INDEX] = index;
    if (LLMFI_IS(b->type, "text")) {
        text = llmfi_json_at_raw(b->text);
        if (b->text.len) llmfi_reply_text_json(r, &text);
    } else if (LLMFI_IS(b->type, "thinking")) {
        number[LLMFI_CLAUDE_KIND] = LLMFI_CLAUDE_THINKING;
        text = llmfi_json_at_raw(b->thinking);
        if (b->thinking.len) llmfi_reply_reasoning_json(r, &text);
        llmfi_reply_put(r, &r->dialect.buf[LLMFI_CLAUDE_THOUGHT], b->thinking);
        llmfi_reply_put(r, &r->dialect.buf[LLMFI_CLAUDE_SIGNATURE], b->signature);
    } else if (LLMFI_IS(b->type, "redacted_thinking")) {
        llmfi_claude_state(r, "redacted_thinking", "data", b->data, llmfi_str("", 0));
    } else if (LLMFI_IS(b->type, "tool_use")) {
        int at = llmfi_reply_tool_begin(r, index, llmfi_reply_raw(r, b->id), llmfi_reply_raw(r, b->name));
        if (at < 0) return;
        number[LLMFI_CLAUDE_KIND] = LLMFI_CLAUDE_TOOL;
        number[LLMFI_CLAUDE_CALL] = at;
        if (!llmfi_claude_no_input(b->input)) llmfi_reply_put(r, &r->dialect.buf[LLMFI_CLAUDE_BEGUN], b->input);
    }
}

/* A citation: url and title of a web page, source and title of a search result, document_title of a document. */
static void llmfi_claude_citation(llmfi_reply *r, llmfi_json *j) {
    llmf_str url = llmfi_str("", 0), title = url;
    while (llmfi_json_next(j) == LLMFI_J_KEY)
        if (LLMFI_KEY(j, "url") || LLMFI_KEY(j, "source")) llmfi_json_take_raw(j, &url);
        else if (LLMFI_KEY(j, "title") || LLMFI_KEY(j, "document_title")) llmfi_json_take_raw(j, &title);
        else llmfi_json_skip(j);
    url = llmfi_reply_raw(r, url);
    llmfi_reply_citation(r, url, llmfi_reply_raw(r, title));
}

static void llmfi_claude_citations(llmfi_reply *r, llmfi_json *j) {
    if (!llmfi_json_enter(j, LLMFI_J_ARRAY)) return;
    while (llmfi_json_next(j) > 0 && j->token != LLMFI_J_ARRAY_END)
        if (j->token == LLMFI_J_OBJECT) llmfi_claude_citation(r, j);
        else if (j->token == LLMFI_J_ARRAY) llmfi_json_skip(j);
}

/* The block object that was just opened; whole: it is complete, as in a message. */
static void llmfi_claude_block_in(llmfi_reply *r, llmfi_json *j, int64_t index, bool whole) {
    llmfi_claude_block b;
    memset(&b, 0, sizeof b);
    b.type = llmfi_json_type(j);
    for (; j->token == LLMFI_J_KEY; llmfi_json_next(j))
        if (LLMFI_KEY(j, "text")) llmfi_json_take_raw(j, &b.text);
        else if (LLMFI_KEY(j, "thinking")) llmfi_json_take_raw(j, &b.thinking);
        else if (LLMFI_KEY(j, "signature")) llmfi_json_take_raw(j, &b.signature);
        else if (LLMFI_KEY(j, "data")) llmfi_json_take_raw(j, &b.data);
        else if (LLMFI_KEY(j, "id")) llmfi_json_take_raw(j, &b.id);
        else if (LLMFI_KEY(j, "name")) llmfi_json_take_raw(j, &b.name);
        else if (LLMFI_KEY(j, "input")) llmfi_json_raw(j, &b.input);
        else if (LLMFI_KEY(j, "citations") && LLMFI_IS(b.type, "text")) llmfi_claude_citations(r, j);
        else llmfi_json_skip(j);
    if (j->error) return;
    llmfi_claude_open(r, &b, index);
    if (whole) llmfi_claude_close(r);
}

/* ---- deltas ---- */

/* A piece of the arguments of the call with that index; of any other block it is a server tool's. */
static void llmfi_claude_arguments(llmfi_reply *r, const llmfi_json *j, int64_t index) {
    const int64_t *number = r->dialect.number;
    bool open = index < 0 || index == number[LLMFI_CLAUDE_INDEX];
    int at = !open ? llmfi_reply_tool_find(r, index) : number[LLMFI_CLAUDE_KIND] == LLMFI_CLAUDE_TOOL ? (int)number[LLMFI_CLAUDE_CALL] : -1;
    if (at >= 0) llmfi_reply_tool_args_json(r, at, j);
}

/* A piece of thinking: to be read, and to be given back. */
static void llmfi_claude_thought(llmfi_reply *r, const llmfi_json *j) {
    llmfi_reply_reasoning_json(r, j);
    if (r->dialect.number[LLMFI_CLAUDE_KIND] == LLMFI_CLAUDE_THINKING) llmfi_reply_put(r, &r->dialect.buf[LLMFI_CLAUDE_THOUGHT], j->text);
}

/* The delta object of a content_block_delta, just opened. */
static void llmfi_claude_delta(llmfi_reply *r, llmfi_json *j, int64_t index) {
    llmf_str type = llmfi_json_type(j);
    bool thinking = r->dialect.number[LLMFI_CLAUDE_KIND] == LLMFI_CLAUDE_THINKING;
    for (; j->token == LLMFI_J_KEY; llmfi_json_next(j)) {
        if (LLMFI_KEY(j, "text") && LLMFI_IS(type, "text_delta")) {
            if (llmfi_json_scalar(j) == LLMFI_J_STRING) llmfi_reply_text_json(r, j);
        } else if (LLMFI_KEY(j, "thinking") && LLMFI_IS(type, "thinking_delta")) {
            if (llmfi_json_scalar(j) == LLMFI_J_STRING) llmfi_claude_thought(r, j);
        } else if (LLMFI_KEY(j, "signature") && LLMFI_IS(type, "signature_delta")) {
            if (llmfi_json_scalar(j) == LLMFI_J_STRING && thinking) llmfi_reply_put(r, &r->dialect.buf[LLMFI_CLAUDE_SIGNATURE], j->text);
        } else if (LLMFI_KEY(j, "partial_json") && LLMFI_IS(type, "input_json_delta")) {
            if (llmfi_json_scalar(j) == LLMFI_J_STRING) llmfi_claude_arguments(r, j, index);
        } else if (LLMFI_KEY(j, "citation") && LLMFI_IS(type, "citations_delta")) {
            if (llmfi_json_enter(j, LLMFI_J_OBJECT)) llmfi_claude_citation(r, j);
        } else {
            llmfi_json_skip(j);
        }
    }
}

/* ---- usage, messages ---- */

static void llmfi_claude_count(llmfi_json *j, int64_t *to) {
    int64_t n;
    llmfi_json_scalar(j);
    n = llmfi_reply_number(j);
    if (n >= 0) *to = n; /* null does not overwrite (RULES 22) */
}

/* A usage, laid over what came before, member by member. */
static void llmfi_claude_usage(llmfi_reply *r, llmfi_json *j) {
    llmf_usage *u = &r->usage;
    int64_t input = r->dialect.number[LLMFI_CLAUDE_INPUT] - 1;
    if (!llmfi_json_enter(j, LLMFI_J_OBJECT)) return;
    while (llmfi_json_next(j) == LLMFI_J_KEY) {
        if (LLMFI_KEY(j, "input_tokens")) llmfi_claude_count(j, &input);
        else if (LLMFI_KEY(j, "output_tokens")) llmfi_claude_count(j, &u->output);
        else if (LLMFI_KEY(j, "cache_read_input_tokens")) llmfi_claude_count(j, &u->cache_read);
        else if (LLMFI_KEY(j, "cache_creation_input_tokens")) llmfi_claude_count(j, &u->cache_write);
        else if (LLMFI_KEY(j, "output_tokens_details")) {
            if (!llmfi_json_enter(j, LLMFI_J_OBJECT)) continue;
            while (llmfi_json_next(j) == LLMFI_J_KEY)
                if (LLMFI_KEY(j, "thinking_tokens")) llmfi_claude_count(j, &u->reasoning);
                else llmfi_json_skip(j);
        } else {
            llmfi_json_skip(j);
        }
    }
    if (input == INT64_MAX) input--;
    r->dialect.number[LLMFI_CLAUDE_INPUT] = input + 1;
    u->input = llmfi_reply_sum(llmfi_reply_sum(input, u->cache_read), u->cache_write);
}

static void llmfi_claude_reason(llmfi_reply *r, llmfi_json *j) {
    if (llmfi_json_scalar(j) == LLMFI_J_STRING) llmfi_reply_finish(r, llmfi_reply_string(r, j));
}

/* The value of the key that the reader stands at, if it is a member of a message. */
static bool llmfi_claude_member(llmfi_reply *r, llmfi_json *j, bool *content) {
    int64_t index = 0;
    if (LLMFI_KEY(j, "model")) {
        if (llmfi_json_scalar(j) == LLMFI_J_STRING) llmfi_reply_model(r, llmfi_reply_string(r, j));
    } else if (LLMFI_KEY(j, "stop_reason")) {
        llmfi_claude_reason(r, j);
    } else if (LLMFI_KEY(j, "usage")) {
        llmfi_claude_usage(r, j);
    } else if (LLMFI_KEY(j, "content")) {
        if (!llmfi_json_enter(j, LLMFI_J_ARRAY)) return true;
        *content = true;
        while (llmfi_json_next(j) > 0 && j->token != LLMFI_J_ARRAY_END)
            if (j->token == LLMFI_J_OBJECT) llmfi_claude_block_in(r, j, index++, true);
            else if (j->token == LLMFI_J_ARRAY) llmfi_json_skip(j);
    } else {
        return false;
    }
    return true;
}

/* The index, where it stands behind what it is about. */
static void llmfi_claude_index_ahead(const llmfi_json *j, llmfi_claude_event *e) {
    llmfi_json ahead = *j;
    if (e->looked) return;
    e->looked = true;
    for (; e->index < 0 && ahead.token == LLMFI_J_KEY; llmfi_json_next(&ahead))
        if (LLMFI_KEY(&ahead, "index")) llmfi_claude_count(&ahead, &e->index);
        else llmfi_json_skip(&ahead);
}

/* The members of the frame, whose type is known. An event without a delta's index is about the open block. */
static void llmfi_claude_members(llmfi_reply *r, llmfi_json *j, llmfi_claude_event *e) {
    bool message = LLMFI_IS(e->type, "message") || (!e->type.len && !r->streamed), nothing = false;
    for (; j->token == LLMFI_J_KEY; llmfi_json_next(j)) {
        if (LLMFI_KEY(j, "index")) {
            llmfi_claude_count(j, &e->index);
        } else if (LLMFI_KEY(j, "delta") && LLMFI_IS(e->type, "content_block_delta")) {
            llmfi_claude_index_ahead(j, e);
            if (llmfi_json_enter(j, LLMFI_J_OBJECT)) llmfi_claude_delta(r, j, e->index);
        } else if (LLMFI_KEY(j, "content_block") && LLMFI_IS(e->type, "content_block_start")) {
            llmfi_claude_index_ahead(j, e);
            if (llmfi_json_enter(j, LLMFI_J_OBJECT)) llmfi_claude_block_in(r, j, e->index, false);
        } else if (LLMFI_KEY(j, "delta") && LLMFI_IS(e->type, "message_delta")) {
            if (!llmfi_json_enter(j, LLMFI_J_OBJECT)) continue;
            while (llmfi_json_next(j) == LLMFI_J_KEY)
                if (LLMFI_KEY(j, "stop_reason")) llmfi_claude_reason(r, j);
                else llmfi_json_skip(j);
        } else if (LLMFI_KEY(j, "usage") && LLMFI_IS(e->type, "message_delta")) {
            llmfi_claude_usage(r, j);
        } else if (LLMFI_KEY(j, "message") && LLMFI_IS(e->type, "message_start")) {
            if (!llmfi_json_enter(j, LLMFI_J_OBJECT)) continue;
            while (llmfi_json_next(j) == LLMFI_J_KEY)
                if (!llmfi_claude_member(r, j, &nothing)) llmfi_json_skip(j);
        } else if (!message || !llmfi_claude_member(r, j, &e->content)) {
            llmfi_json_skip(j);
        }
    }
}

/* ---- frames ---- */

/* Behind {"type":"content_block_delta","index":N — nearly all events are one of these, with blanks before the last brace as padding. */
static const struct {
    const char *text;
    size_t len;
} llmfi_claude_usual[] = {
#define LLMFI_CLAUDE_USUAL(type, key) { ",\"delta\":{\"type\":\"" type "\",\"" key "\":", sizeof(",\"delta\":{\"type\":\"" type "\",\"" key "\":") - 1 }
    LLMFI_CLAUDE_USUAL("text_delta", "text"), LLMFI_CLAUDE_USUAL("thinking_delta", "thinking"), LLMFI_CLAUDE_USUAL("input_json_delta", "partial_json")
#undef LLMFI_CLAUDE_USUAL
};

/* The usual spelling of the usual events, read without asking for each token. False: it is another one, and nothing has been done. */
static bool llmfi_claude_usual_event(llmfi_reply *r, llmf_str data) {
    llmf_str front = LLMFI_LIT("{\"type\":\"content_block_delta\",\"index\":"), rest;
    size_t at = front.len, kind = 0;
    int64_t index = 0;
    llmfi_json j;
    if (!llmfi_starts(data, front)) return false;
    while (at < data.len && llmfi_is_digit(data.ptr[at]) && index < 100000) index = index * 10 + (data.ptr[at++] - '0');
    if (at == front.len || (at > front.len + 1 && data.ptr[front.len] == '0')) return false;
    rest = llmfi_from(data, at);
    while (kind < LLMFI_COUNT(llmfi_claude_usual) && !llmfi_starts(rest, llmfi_str(llmfi_claude_usual[kind].text, llmfi_claude_usual[kind].len))) kind++;
    if (kind == LLMFI_COUNT(llmfi_claude_usual)) return false;
    llmfi_json_init(&j, llmfi_from(rest, llmfi_claude_usual[kind].len), true);
    if (llmfi_json_next(&j) != LLMFI_J_STRING || j.at == j.end || *j.at++ != '}') return false;
    while (j.at < j.end && *j.at == ' ') j.at++;
    if (j.end - j.at != 1 || *j.at != '}') return false;
    if (kind == 0) llmfi_reply_text_json(r, &j);
    else if (kind == 1) llmfi_claude_thought(r, &j);
    else llmfi_claude_arguments(r, &j, index);
    return true;
}

/* The whole body of a reply, or one event of a stream. */
static void llmfi_anthropic_frame(llmfi_reply *r, llmf_str event, llmf_str data) {
    llmfi_claude_event e;
    llmfi_json j;
    (void)event; /* the type inside counts (RULES 27) */
    if (r->error.code || (r->terminal && LLMFI_IS(data, "[DONE]"))) return; /* gateways end every stream so */
    memset(&e, 0, sizeof e);
    e.index = -1;
    llmfi_reply_mark(r);
    if (llmfi_claude_usual_event(r, data)) return;
    llmfi_json_init(&j, data, true);
    if (llmfi_json_enter(&j, LLMFI_J_OBJECT)) {
        e.type = llmfi_json_type(&j);
        llmfi_claude_members(r, &j, &e);
    }
    if (j.error || llmfi_json_next(&j) != LLMFI_J_END) {
        llmfi_state_bad_frame(r, &j, data);
    } else if (LLMFI_IS(e.type, "error")) {
        llmfi_fault_object(r, data, llmfi_str("", 0));
    } else if (LLMFI_IS(e.type, "content_block_stop")) {
        if (e.index < 0 || e.index == r->dialect.number[LLMFI_CLAUDE_INDEX]) llmfi_claude_close_for_good(r);
    } else if (LLMFI_IS(e.type, "message_stop")) {
        llmfi_claude_close_for_good(r);
        r->terminal = true;
    } else if (e.content) {
        r->terminal = true;
    } else if (!r->streamed) {
        llmfi_frame_foreign(r, "an answer of the Messages API");
    }
}

#endif
