/* What Amazon Bedrock answers ("Amazon Bedrock API reference", Converse and ConverseStream): bodies, and events of a stream, whose type stands outside of them.
   And what InvokeModel and InvokeModelWithResponseStream answer for Claude: Messages, in a stream each event of them inside of a `chunk`. Of other makers'
   models nothing is read there. Nothing here knows what was asked. */
#ifndef LLMFI_PROVIDERS_BEDROCK_REPLY_H
#define LLMFI_PROVIDERS_BEDROCK_REPLY_H
#include "anthropic_reply.h"

/* reply.dialect.number[…]: is a block of reasoning open, which one; reply.dialect.buf[…]: its text and signature, raw JSON between its quotes. */
enum { LLMFI_BEDROCK_OPEN, LLMFI_BEDROCK_INDEX };
enum { LLMFI_BEDROCK_THOUGHT, LLMFI_BEDROCK_SIGNATURE };

/* What an event is. */
enum { LLMFI_BEDROCK_START, LLMFI_BEDROCK_DELTA, LLMFI_BEDROCK_STOP, LLMFI_BEDROCK_END, LLMFI_BEDROCK_METADATA, LLMFI_BEDROCK_CHUNK, LLMFI_BEDROCK_UNKNOWN };
static const char llmfi_bedrock_events[] = "contentBlockStart\0contentBlockDelta\0contentBlockStop\0messageStop\0metadata\0chunk\0";

/* ---- state: blocks of reasoning as they must go back. One without a signature is of no use to anybody, and some models refuse it ---- */

#if LLMF_HAS_STATE
static void llmfi_bedrock_keep(llmfi_reply *r, llmf_str text, llmf_str signature) {
    llmfi_buf *b = &r->state;
    size_t before;
    if (!signature.len) return;
    before = llmfi_state_open(r, "bedrock");
    LLMFI_REPLY_PUT(r, b, "{\"reasoningContent\":{\"reasoningText\":{\"text\":\"");
    llmfi_reply_put(r, b, text);
    LLMFI_REPLY_PUT(r, b, "\",\"signature\":\"");
    llmfi_reply_put(r, b, signature);
    LLMFI_REPLY_PUT(r, b, "\"}}}");
    llmfi_state_close(r, before);
}

static void llmfi_bedrock_keep_redacted(llmfi_reply *r, llmf_str base64) {
    size_t before = llmfi_state_open(r, "bedrock");
    LLMFI_REPLY_PUT(r, &r->state, "{\"reasoningContent\":{\"redactedContent\":\"");
    llmfi_reply_put(r, &r->state, base64);
    LLMFI_REPLY_PUT(r, &r->state, "\"}}");
    llmfi_state_close(r, before);
}
#endif

/* The open block of reasoning is over. Its buffers keep their bytes, for the frame may yet be undone. */
static void llmfi_bedrock_close(llmfi_reply *r) {
#if LLMF_HAS_STATE
    llmfi_buf *buf = r->dialect.buf;
    if (!r->dialect.number[LLMFI_BEDROCK_OPEN]) return;
    llmfi_bedrock_keep(r, llmfi_buf_str(&buf[LLMFI_BEDROCK_THOUGHT]), llmfi_buf_str(&buf[LLMFI_BEDROCK_SIGNATURE]));
    r->dialect.number[LLMFI_BEDROCK_OPEN] = 0;
    buf[LLMFI_BEDROCK_THOUGHT].len = buf[LLMFI_BEDROCK_SIGNATURE].len = 0;
#else
    (void)r;
#endif
}

#if LLMF_HAS_STATE
/* A piece of the block of that index, which opens with it. */
static void llmfi_bedrock_piece(llmfi_reply *r, int64_t index, int which, llmf_str raw) {
    int64_t *number = r->dialect.number;
    if (number[LLMFI_BEDROCK_OPEN] && number[LLMFI_BEDROCK_INDEX] != index) llmfi_bedrock_close(r);
    number[LLMFI_BEDROCK_OPEN] = 1;
    number[LLMFI_BEDROCK_INDEX] = index;
    llmfi_reply_put(r, &r->dialect.buf[which], raw);
}
#endif

/* ---- blocks of a message, and deltas, which look alike; each object was just opened ---- */

/* reasoningContent: {reasoningText: {text, signature}} or {redactedContent}; of a delta {text}, {signature} or {redactedContent}. */
static void llmfi_bedrock_reasoning(llmfi_reply *r, llmfi_json *j, int64_t index) {
    int at;
    while ((at = llmfi_json_pick(j, "reasoningText\0text\0signature\0redactedContent\0")) >= 0) {
        if (at == 0) {
            if (llmfi_json_enter(j, LLMFI_J_OBJECT)) llmfi_bedrock_reasoning(r, j, index); /* as deep as the reader goes */
            continue;
        }
        if (llmfi_json_scalar(j) != LLMFI_J_STRING) continue;
        if (at == 1) llmfi_reply_reasoning_json(r, j);
#if LLMF_HAS_STATE
        if (at == 3) llmfi_bedrock_keep_redacted(r, j->text);
        else if (at < 3) llmfi_bedrock_piece(r, index, at == 1 ? LLMFI_BEDROCK_THOUGHT : LLMFI_BEDROCK_SIGNATURE, j->text);
#else
        (void)index;
#endif
    }
}

/* A call, or its beginning. Those that Bedrock runs itself are none (RULES 10). */
static void llmfi_bedrock_call(llmfi_reply *r, llmfi_json *j, int64_t index) {
    llmf_str id = llmfi_str("", 0), name = id, type = id, input = id;
    int at;
    while ((at = llmfi_json_pick(j, "toolUseId\0name\0type\0input\0")) >= 0)
        switch (at) {
        case 0: llmfi_json_take_raw(j, &id); break;
        case 1: llmfi_json_take_raw(j, &name); break;
        case 2: llmfi_json_take_raw(j, &type); break;
        case 3: llmfi_json_raw(j, &input); break;
        default: llmfi_json_skip(j);
        }
    if (j->error || LLMFI_IS(type, "server_tool_use")) return;
    if (!r->streamed) {
        llmfi_reply_whole_call(r, id, name, input);
    } else {
        id = llmfi_reply_raw(r, id);
        at = llmfi_reply_tool_begin(r, index, id, llmfi_reply_raw(r, name));
        if (at >= 0 && input.len) llmfi_reply_raw_args(r, at, input);
    }
}

/* More of a call's arguments. */
static void llmfi_bedrock_input(llmfi_reply *r, llmfi_json *j, int64_t index) {
    int call = llmfi_reply_tool_find(r, index), at;
    while ((at = llmfi_json_pick(j, "input\0")) >= 0)
        if (llmfi_json_scalar(j) == LLMFI_J_STRING && at == 0 && call >= 0) llmfi_reply_tool_args_json(r, call, j);
}

/* {text}: a piece of what is cited. */
static void llmfi_bedrock_cited_text(llmfi_reply *r, llmfi_json *j) {
    int at;
    while ((at = llmfi_json_pick(j, "text\0")) >= 0)
        if (llmfi_json_scalar(j) == LLMFI_J_STRING && at == 0) llmfi_reply_text_json(r, j);
}

/* location: {web: {url}}. */
static void llmfi_bedrock_location(llmfi_json *j, llmf_str *url) {
    int at;
    while ((at = llmfi_json_pick(j, "web\0url\0")) >= 0)
        if (at == 1) llmfi_json_take_raw(j, url);
        else if (at == 0 && llmfi_json_enter(j, LLMFI_J_OBJECT)) llmfi_bedrock_location(j, url);
        else if (at > 1) llmfi_json_skip(j);
}

/* A source: where it stands in the web, or what it is called. */
static void llmfi_bedrock_citation(llmfi_reply *r, llmfi_json *j) {
    llmf_str title = llmfi_str("", 0), source = title, url = title;
    int at;
    while ((at = llmfi_json_pick(j, "title\0source\0location\0")) >= 0)
        if (at < 2) llmfi_json_take_raw(j, at ? &source : &title);
        else if (at > 2) llmfi_json_skip(j);
        else if (llmfi_json_enter(j, LLMFI_J_OBJECT)) llmfi_bedrock_location(j, &url);
    if (j->error) return;
    url = llmfi_reply_raw(r, url.len ? url : source);
    llmfi_reply_citation(r, url, llmfi_reply_raw(r, title));
}

/* Objects of a list; what is none is passed over. */
static bool llmfi_bedrock_each(llmfi_json *j) {
    while (llmfi_json_next(j) > 0 && j->token != LLMFI_J_ARRAY_END) {
        if (j->token == LLMFI_J_OBJECT) return true;
        if (j->token == LLMFI_J_ARRAY) llmfi_json_skip(j);
    }
    return false;
}

/* citationsContent: {content: [{text}], citations: […]}. */
static void llmfi_bedrock_cited(llmfi_reply *r, llmfi_json *j) {
    int at;
    while ((at = llmfi_json_pick(j, "content\0citations\0")) >= 0) {
        if (at > 1 || !llmfi_json_enter(j, LLMFI_J_ARRAY)) {
            if (at > 1) llmfi_json_skip(j);
            continue;
        }
        while (llmfi_bedrock_each(j))
            if (at == 1) llmfi_bedrock_citation(r, j);
            else llmfi_bedrock_cited_text(r, j);
    }
}

/* One block, or what a delta adds to it. Others than these give nothing (RULES 7). */
static void llmfi_bedrock_block(llmfi_reply *r, llmfi_json *j, int64_t index, bool delta) {
    int at;
    while ((at = llmfi_json_pick(j, "text\0reasoningContent\0toolUse\0citationsContent\0citation\0")) >= 0) {
        if (at == 0) {
            if (llmfi_json_scalar(j) == LLMFI_J_STRING) llmfi_reply_text_json(r, j);
        } else if (at > 4) {
            llmfi_json_skip(j);
        } else if (llmfi_json_enter(j, LLMFI_J_OBJECT)) {
            if (at == 1) llmfi_bedrock_reasoning(r, j, index);
            else if (at == 2 && delta) llmfi_bedrock_input(r, j, index);
            else if (at == 2) llmfi_bedrock_call(r, j, index);
            else if (at == 3) llmfi_bedrock_cited(r, j);
            else llmfi_bedrock_citation(r, j);
        }
    }
}

/* ---- the rest ---- */

/* RULES 19: what was read from and written to the cache is not in inputTokens. The last usage counts whole (RULES 22). */
static void llmfi_bedrock_usage(llmfi_reply *r, llmfi_json *j) {
    enum { INPUT, OUTPUT, READ, WRITE, READ_COUNT, WRITE_COUNT, COUNTS };
    int64_t n[COUNTS];
    int at;
    if (!llmfi_json_enter(j, LLMFI_J_OBJECT)) return;
    for (at = 0; at < COUNTS; at++) n[at] = LLMF_UNKNOWN;
    while ((at = llmfi_json_pick(j, "inputTokens\0outputTokens\0cacheReadInputTokens\0cacheWriteInputTokens\0cacheReadInputTokenCount\0cacheWriteInputTokenCount\0")) >= 0)
        if (at < COUNTS) n[at] = llmfi_json_tokens(j);
        else llmfi_json_skip(j);
    r->usage.cache_read = n[n[READ] < 0 ? READ_COUNT : READ];
    r->usage.cache_write = n[n[WRITE] < 0 ? WRITE_COUNT : WRITE];
    r->usage.input = llmfi_reply_sum(llmfi_reply_sum(n[INPUT], r->usage.cache_read), r->usage.cache_write);
    r->usage.output = n[OUTPUT];
}

/* output: {message: {content}}; true: there is a message. Its blocks count as if they came one by one. */
static bool llmfi_bedrock_output(llmfi_reply *r, llmfi_json *j) {
    int64_t index = 0;
    bool message = false;
    int at;
    if (!llmfi_json_enter(j, LLMFI_J_OBJECT)) return false;
    while ((at = llmfi_json_pick(j, "message\0")) >= 0) {
        if (at || !llmfi_json_enter(j, LLMFI_J_OBJECT)) {
            if (at) llmfi_json_skip(j);
            continue;
        }
        while ((at = llmfi_json_pick(j, "content\0")) >= 0) {
            message = true;
            if (at || !llmfi_json_enter(j, LLMFI_J_ARRAY)) {
                if (at) llmfi_json_skip(j);
                continue;
            }
            while (llmfi_bedrock_each(j)) {
                llmfi_bedrock_block(r, j, index++, false);
                llmfi_bedrock_close(r);
            }
        }
    }
    return message;
}

/* What a frame held besides what it has told. */
typedef struct llmfi_bedrock_seen {
    int64_t index;                           /* of the block; LLMF_UNKNOWN: none was given */
    bool message;                            /* a body with a message */
    llmf_str type, bytes;                    /* InvokeModel's: of a body its type, of a chunk what is in it; raw */
} llmfi_bedrock_seen;

/* The members of an event or body, which was just opened. A block in front of its index waits for it. */
static void llmfi_bedrock_members(llmfi_reply *r, llmfi_json *j, int event, llmfi_bedrock_seen *s) {
    llmfi_json later;
    bool waits = false;
    int at;
    while ((at = llmfi_json_pick(j, "contentBlockIndex\0delta\0start\0stopReason\0usage\0output\0type\0bytes\0")) >= 0) {
        if (at == 0) {
            s->index = llmfi_json_tokens(j);
        } else if ((at == 1 && event == LLMFI_BEDROCK_DELTA) || (at == 2 && event == LLMFI_BEDROCK_START)) {
            later = *j;
            waits = s->index < 0;
            if (waits) llmfi_json_skip(j);
            else if (llmfi_json_enter(j, LLMFI_J_OBJECT)) llmfi_bedrock_block(r, j, s->index, at == 1);
        } else if (at == 3 && (event == LLMFI_BEDROCK_END || !r->streamed)) {
            if (llmfi_json_scalar(j) == LLMFI_J_STRING) llmfi_reply_finish(r, llmfi_reply_string(r, j));
        } else if (at == 4 && (event == LLMFI_BEDROCK_METADATA || !r->streamed)) {
            llmfi_bedrock_usage(r, j);
        } else if (at == 5 && !r->streamed) {
            s->message = llmfi_bedrock_output(r, j);
        } else if (at == 6 || at == 7) {
            llmfi_json_take_raw(j, at == 6 ? &s->type : &s->bytes);
        } else {
            llmfi_json_skip(j);
        }
    }
    if (waits && !j->error && llmfi_json_enter(&later, LLMFI_J_OBJECT)) llmfi_bedrock_block(r, &later, s->index, event == LLMFI_BEDROCK_DELTA);
}

/* ---- frames ---- */

/* Nearly all events are {"contentBlockIndex":0,"delta":{"text":"…"},"p":"abc"}: read without asking for each token. False: this is another one, and nothing
   has been done. */
static bool llmfi_bedrock_usual(llmfi_reply *r, llmf_str data) {
    llmf_str front = LLMFI_LIT("{\"contentBlockIndex\":"), text = LLMFI_LIT(",\"delta\":{\"text\":"), padding = LLMFI_LIT("},\"p\":\""), rest;
    llmfi_json j;
    if (!llmfi_starts(data, front) || data.len == front.len || !llmfi_is_digit(data.ptr[front.len])) return false;
    rest = llmfi_from(data, front.len + 1);
    if (!llmfi_starts(rest, text)) return false;
    llmfi_json_init(&j, llmfi_from(rest, text.len), true);
    if (llmfi_json_next(&j) != LLMFI_J_STRING) return false;
    rest = llmfi_range(j.at, j.end);
    if (!llmfi_starts(rest, padding)) return false;
    rest = llmfi_from(rest, padding.len);
    rest = llmfi_from(rest, llmfi_char_span(rest, LLMFI_CHAR_ALNUM));
    if (!LLMFI_IS(rest, "\"}")) return false;
    llmfi_reply_text_json(r, &j);
    return true;
}

/* An event has been read and is whole. */
static void llmfi_bedrock_over(llmfi_reply *r, int event, int64_t index) {
    int call = event == LLMFI_BEDROCK_STOP ? llmfi_reply_tool_find(r, index) : -1;
    if (call >= 0 && index >= 0) llmfi_reply_tool_end(r, call);
    if (event == LLMFI_BEDROCK_END || (event == LLMFI_BEDROCK_STOP && r->dialect.number[LLMFI_BEDROCK_INDEX] == index)) llmfi_bedrock_close(r);
    if (event == LLMFI_BEDROCK_END) r->terminal = true;
}

/* An event of Messages in base64. It is decoded where no other dialect's reader keeps anything meanwhile: scratch ends with the frame inside. */
static void llmfi_bedrock_chunk(llmfi_reply *r, llmf_str base64, llmf_str frame) {
    llmfi_buf *b = &r->dialect.rest;
    llmfi_json bad;
    size_t len;
    memset(&bad, 0, sizeof bad);
    bad.error = "base64 was expected";
    b->len = 0;
    if (!llmfi_reply_room(r, -2, b, base64.len)) return;
    if (!llmfi_base64_decode(base64, b->ptr, b->cap, &len)) llmfi_reply_bad_frame(r, &bad, frame);
    else if (len) llmfi_anthropic_frame(r, llmfi_str("", 0), llmfi_str(b->ptr, len));
}

/* The whole body of a reply, or one event of a stream. */
static void llmfi_bedrock_frame(llmfi_reply *r, llmf_str event, llmf_str data) {
    int kind = r->streamed ? llmfi_word_in(llmfi_bedrock_events, event) : (int)LLMFI_BEDROCK_UNKNOWN;
    llmfi_bedrock_seen s;
    llmfi_json j;
    if (r->error.code || (r->streamed && !data.len)) return;
    llmfi_reply_mark(r);
    if (kind == LLMFI_BEDROCK_DELTA && llmfi_bedrock_usual(r, data)) return;
    memset(&s, 0, sizeof s);
    s.index = LLMF_UNKNOWN;
    llmfi_json_init(&j, data, true);
    if (llmfi_json_enter(&j, LLMFI_J_OBJECT)) llmfi_bedrock_members(r, &j, kind, &s);
    if (j.error || llmfi_json_next(&j) != LLMFI_J_END) llmfi_state_bad_frame(r, &j, data);
    else if (kind == LLMFI_BEDROCK_CHUNK) llmfi_bedrock_chunk(r, llmfi_reply_raw(r, s.bytes), data);
    else if (r->streamed) llmfi_bedrock_over(r, kind, s.index);
    else if (s.message) r->terminal = true;
    else if (LLMFI_IS(s.type, "message")) llmfi_anthropic_frame(r, event, data);
    else llmfi_frame_foreign(r, "an answer of the Converse API");
}

#endif
