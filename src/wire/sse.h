/* Server-sent events (HTML standard, section 9.2): lines end with LF, CR or CRLF, an event with a blank line.
   One thing is the caller's choice: the standard drops an event that the end of the input cuts off before its blank line; some servers
   end their last event so. llmfi_sse_end hands it out unless `drop_unclosed` is set; whether it is whole, its JSON must tell. */
#ifndef LLMFI_WIRE_SSE_H
#define LLMFI_WIRE_SSE_H
#include "pull.h"

/* Bytes kept of an event's name; the rest is cut off: what an event is, the type in its JSON says. */
#define LLMFI_SSE_NAME 64

typedef struct llmfi_sse {
    size_t max_line, max_event;
    llmf_str event, payload;                 /* the item. event is empty where none was named (the standard's "message").
                                                Both until the next call; the payload also no longer than the caller leaves the bytes of
                                                the input alone: where event and blank line lie in one input it is a view into it */
    llmf_str held;                           /* data of the event so far: in the input of this call, or in `data` */
    int error;                               /* LLMFI_WIRE_MEMORY, _LIMIT (of line or event) */
    bool drop_unclosed;                      /* set after init: llmfi_sse_end gives nothing, as the standard has it */
    bool has_data, borrowed;                 /* held counts; held lies in the input */
    bool begun, after_cr;                    /* the first line is over (a byte order mark can no longer come); the last byte was a CR */
    unsigned char name_len;
    llmfi_buf line;                          /* an unfinished line */
    llmfi_buf data;                          /* data of the event so far, where it does not lie in the input */
    llmfi_buf id;                            /* the last id of the stream; stays from event to event. Limit: max_line */
    char name[LLMFI_SSE_NAME];               /* of the event under way; then of the item */
    uint64_t comments;                       /* lines that begin with a colon: keep-alives */
    int64_t retry_ms;                        /* the last valid `retry`; -1: none */
} llmfi_sse;

/* max_line: bytes of a line without its end; max_event: bytes of the data of an event. 0: LLMF_MAX_LINE, LLMF_MAX_EVENT. */
LLMFI_UNUSED static void llmfi_sse_init(llmfi_sse *s, llmfi_heap *heap, size_t max_line, size_t max_event) {
    memset(s, 0, sizeof *s);
    llmfi_buf_init(&s->line, heap, 0);
    llmfi_buf_init(&s->data, heap, 0);
    llmfi_buf_init(&s->id, heap, 0);
    s->max_line = max_line ? max_line : LLMF_MAX_LINE;
    s->max_event = max_event ? max_event : LLMF_MAX_EVENT;
    s->retry_ms = -1;
}

LLMFI_UNUSED static void llmfi_sse_free(llmfi_sse *s) {
    llmfi_buf_free(&s->line);
    llmfi_buf_free(&s->data);
    llmfi_buf_free(&s->id);
}

/* The first CR or LF, or NULL. Looks ahead in growing windows: text with CR only is not searched to its end for each line. */
static const char *llmfi_sse_line_end(const char *at, size_t len) {
#if LLMFI_SMALL
    for (; len; len--, at++)
        if (*at == '\n' || *at == '\r') return at;
#else
    size_t window = 1024;
    if (*at == '\n') return at;
    while (len) {
        size_t n = len < window ? len : window;
        const char *lf = (const char *)llmfi_memchr(at, '\n', n);
        const char *cr = (const char *)llmfi_memchr(at, '\r', lf ? (size_t)(lf - at) : n);
        if (cr || lf) return cr ? cr : lf;
        at += n;
        len -= n;
        window *= 2;
    }
#endif
    return NULL;
}

/* Brings `held` into `data`, at its front. */
static bool llmfi_sse_own(llmfi_sse *s) {
    if (s->borrowed) {
        s->data.len = 0;
        if (!llmfi_buf_add(&s->data, s->held.ptr, s->held.len)) s->error = LLMFI_WIRE_MEMORY;
    } else {
        if (s->held.len && s->held.ptr != s->data.ptr) memmove(s->data.ptr, s->held.ptr, s->held.len);
        s->data.len = s->held.len;
    }
    if (s->error) return false;
    s->borrowed = false;
    s->held = llmfi_buf_str(&s->data);
    return true;
}

/* The first data line is held where it lies; a line kept in `line` keeps its memory, which becomes that of `data`. */
static void llmfi_sse_hold(llmfi_sse *s, llmf_str value, bool in_input) {
    s->has_data = true;
    s->borrowed = in_input;
    s->held = value;
    if (!in_input) {
        llmfi_buf spare = s->data;
        s->data = s->line;
        s->line = spare;
        s->line.len = 0;
    }
}

static void llmfi_sse_data(llmfi_sse *s, llmf_str value, bool in_input) {
    size_t have = s->has_data ? s->held.len + 1 : 0;
    if (have > s->max_event || value.len > s->max_event - have) {
        s->error = LLMFI_WIRE_LIMIT;
    } else if (!s->has_data) {
        llmfi_sse_hold(s, value, in_input);
    } else if (llmfi_sse_own(s)) {
        if (!llmfi_buf_reserve(&s->data, value.len + 1)) {
            s->error = LLMFI_WIRE_MEMORY;
            return;
        }
        s->data.ptr[s->data.len++] = '\n';
        llmfi_buf_add(&s->data, value.ptr, value.len);
        s->held = llmfi_buf_str(&s->data);
    }
}

#if !LLMFI_SMALL
/* Only digits count; what does not fit in 18 of them is the most that does. */
static void llmfi_sse_retry(llmfi_sse *s, llmf_str value) {
    int64_t ms = 0;
    size_t i;
    for (i = 0; i < value.len; i++) {
        if (!llmfi_is_digit(value.ptr[i])) return;
        ms = ms < 100000000000000000 ? ms * 10 + (value.ptr[i] - '0') : 999999999999999999;
    }
    if (value.len) s->retry_ms = ms;
}

static void llmfi_sse_id(llmfi_sse *s, llmf_str value) {
    if (llmfi_find_char(value, '\0') != LLMFI_NOWHERE) return;
    s->id.len = 0;
    s->error = llmfi_wire_keep(&s->id, value, s->max_line);
}
#endif

static void llmfi_sse_name(llmfi_sse *s, llmf_str value) {
    s->name_len = (unsigned char)(value.len < LLMFI_SSE_NAME ? value.len : LLMFI_SSE_NAME);
    if (s->name_len) memcpy(s->name, value.ptr, s->name_len);
}

/* What stands behind the field's colon and one space. */
static llmf_str llmfi_sse_value(llmf_str line, size_t colon) {
    llmf_str value = llmfi_from(line, colon == LLMFI_NOWHERE ? line.len : colon + 1);
    return value.len && value.ptr[0] == ' ' ? llmfi_from(value, 1) : value;
}

/* A byte order mark before the first line of the stream is no part of it. */
static llmf_str llmfi_sse_begin(llmfi_sse *s, llmf_str line) {
    bool mark = !s->begun && llmfi_starts(line, LLMFI_LIT("\xEF\xBB\xBF"));
    s->begun = true;
    return llmfi_from(line, mark ? 3 : 0);
}

static void llmfi_sse_field(llmfi_sse *s, llmf_str line, bool in_input) {
    size_t colon = !LLMFI_SMALL && llmfi_starts(line, LLMFI_LIT("data:")) ? 4 : llmfi_find_char(line, ':');
    llmf_str field = llmfi_str(line.ptr, colon == LLMFI_NOWHERE ? line.len : colon), value = llmfi_sse_value(line, colon);
    if (LLMFI_IS(field, "data")) llmfi_sse_data(s, value, in_input);
    else if (LLMFI_IS(field, "event")) llmfi_sse_name(s, value);
#if !LLMFI_SMALL /* nobody here asks for them */
    else if (LLMFI_IS(field, "id")) llmfi_sse_id(s, value);
    else if (LLMFI_IS(field, "retry")) llmfi_sse_retry(s, value);
    else if (!field.len) s->comments++;
#endif
}

/* A blank line: true when there is an event to hand out. */
static LLMFI_SHORT bool llmfi_sse_dispatch(llmfi_sse *s) {
    bool ready = s->has_data;
    s->event = llmfi_str(s->name, s->name_len);
    s->payload = s->held;
    s->name_len = 0;
    s->has_data = s->borrowed = false;
    return ready;
}

/* Takes one line. True when it is whole: then it lies in the input, or in `line`. */
static bool llmfi_sse_line(llmfi_sse *s, llmf_str *in, llmf_str *line) {
    const char *end = llmfi_sse_line_end(in->ptr, in->len);
    llmf_str piece = llmfi_str(in->ptr, end ? (size_t)(end - in->ptr) : in->len);
    if (!end || s->line.len) s->error = llmfi_wire_keep(&s->line, piece, s->max_line);
    else if (piece.len > s->max_line) s->error = LLMFI_WIRE_LIMIT;
    if (s->error) return false;
    *line = s->line.len ? llmfi_buf_str(&s->line) : piece;
    s->after_cr = end && *end == '\r';
    llmfi_wire_take(in, piece.len + (end ? 1 : 0));
    return end != NULL;
}

/* The item of the call before is over. */
static void llmfi_sse_recycle(llmfi_sse *s) {
    if (!s->has_data && s->data.cap > LLMF_WIRE_KEEP) llmfi_buf_free(&s->data);
    if (!s->line.len && s->line.cap > LLMF_WIRE_KEEP) llmfi_buf_free(&s->line);
}

/* LLMFI_WIRE_ITEM: event and payload are set; _MORE: *in is empty; _ERROR. */
LLMFI_UNUSED static int llmfi_sse_next(llmfi_sse *s, llmf_str *in) {
    llmf_str line;
    if (s->error) return LLMFI_WIRE_ERROR;
    llmfi_sse_recycle(s);
    while (in->len) {
        if (s->after_cr) {
            s->after_cr = false;
            if (*in->ptr == '\n') {
                llmfi_wire_take(in, 1);
                continue;
            }
        }
        if (!llmfi_sse_line(s, in, &line)) break;
        if (!s->begun) line = llmfi_sse_begin(s, line);
        if (line.len) llmfi_sse_field(s, line, s->line.len == 0);
        else if (llmfi_sse_dispatch(s)) return LLMFI_WIRE_ITEM;
        s->line.len = 0;
        if (s->error) return LLMFI_WIRE_ERROR;
    }
    if (!s->error && s->borrowed) llmfi_sse_own(s);
    return s->error ? LLMFI_WIRE_ERROR : LLMFI_WIRE_MORE;
}

/* The input ended. LLMFI_WIRE_ITEM: an event without its blank line was there (never with drop_unclosed); _MORE: none; _ERROR.
   Of a last line without its end only data counts: another field may be half a word. */
LLMFI_UNUSED static int llmfi_sse_end(llmfi_sse *s) {
    llmf_str line = llmfi_sse_begin(s, llmfi_buf_str(&s->line));
    if (s->error) return LLMFI_WIRE_ERROR;
    if (s->drop_unclosed) return LLMFI_WIRE_MORE;
    if (llmfi_starts(line, LLMFI_LIT("data:")) || LLMFI_IS(line, "data")) llmfi_sse_field(s, line, false);
    s->line.len = 0;
    if (s->error) return LLMFI_WIRE_ERROR;
    return llmfi_sse_dispatch(s) ? LLMFI_WIRE_ITEM : LLMFI_WIRE_MORE;
}

#endif
