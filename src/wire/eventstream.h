/* application/vnd.amazon.eventstream ("Amazon Event Stream Specification"): binary frames, each with headers, a payload and two checksums.

   total length   u32      all integers big-endian; the total counts all of the frame
   headers length u32
   prelude CRC    u32      of those eight bytes
   headers                 each: u8 length of the name, name, u8 type, value
   payload
   message CRC    u32      of everything before it

   A frame is handed out once both checksums are right and all of its headers can be read; anything else is LLMFI_WIRE_BAD. */
#ifndef LLMFI_WIRE_EVENTSTREAM_H
#define LLMFI_WIRE_EVENTSTREAM_H
#include "../base/hash.h"
#include "pull.h"

enum { LLMFI_EVENT_PRELUDE = 12, LLMFI_EVENT_LEAST = 16 }; /* bytes before the headers; of a frame with neither headers nor payload */

/* The type of a header's value, as the frame has it. */
enum {
    LLMFI_HEADER_TRUE, LLMFI_HEADER_FALSE, LLMFI_HEADER_BYTE, LLMFI_HEADER_SHORT, LLMFI_HEADER_INT, LLMFI_HEADER_LONG, LLMFI_HEADER_BYTES,
    LLMFI_HEADER_STRING, LLMFI_HEADER_TIME, LLMFI_HEADER_UUID, LLMFI_HEADER_TYPES
};

typedef struct llmfi_event_header {
    llmf_str name, value;                    /* value: its bytes as they stand, without the length of a text */
    int type;                                /* LLMFI_HEADER_… */
} llmfi_event_header;

typedef struct llmfi_eventstream {
    llmfi_buf frame;                         /* an unfinished frame */
    size_t max_frame;
    llmf_str headers, payload;               /* the item; until the next call, or until the caller reuses the bytes of the input */
    int error;                               /* LLMFI_WIRE_MEMORY, _LIMIT, _BAD */
    bool spent;                              /* `frame` holds the item handed out last */
} llmfi_eventstream;

/* max_frame: bytes of a whole frame, 0 for LLMF_MAX_EVENT. */
LLMFI_UNUSED static void llmfi_eventstream_init(llmfi_eventstream *s, llmfi_heap *heap, size_t max_frame) {
    memset(s, 0, sizeof *s);
    llmfi_buf_init(&s->frame, heap, 0);
    s->max_frame = max_frame ? max_frame : LLMF_MAX_EVENT;
}

LLMFI_UNUSED static void llmfi_eventstream_free(llmfi_eventstream *s) {
    llmfi_buf_free(&s->frame);
}

/* ---- headers ---- */

/* Takes the next header. 1: there was one; 0: that was all; -1: what is there is none. */
LLMFI_UNUSED static int llmfi_event_header_next(llmf_str *headers, llmfi_event_header *h) {
    static const unsigned char sizes[LLMFI_HEADER_TYPES] = { 0, 0, 1, 2, 4, 8, 0, 0, 8, 16 };
    llmf_str in = *headers;
    size_t len;
    if (!in.len) return 0;
    len = (unsigned char)in.ptr[0];
    if (!len || in.len < len + 2) return -1;
    h->name = llmfi_str(in.ptr + 1, len);
    h->type = (unsigned char)in.ptr[len + 1];
    if (h->type >= LLMFI_HEADER_TYPES) return -1;
    in = llmfi_from(in, len + 2);
    len = sizes[h->type];
    if (h->type == LLMFI_HEADER_BYTES || h->type == LLMFI_HEADER_STRING) {
        if (in.len < 2) return -1;
        len = (size_t)(unsigned char)in.ptr[0] << 8 | (unsigned char)in.ptr[1];
        in = llmfi_from(in, 2);
    }
    if (in.len < len) return -1;
    h->value = llmfi_str(in.ptr, len);
    *headers = llmfi_from(in, len);
    return 1;
}

/* The text of the item's header of that name; empty: there is none, or it is no text. */
LLMFI_UNUSED static llmf_str llmfi_eventstream_header(const llmfi_eventstream *s, llmf_str name) {
    llmf_str headers = s->headers;
    llmfi_event_header h;
    while (llmfi_event_header_next(&headers, &h) > 0)
        if (llmfi_eq(h.name, name)) return h.type == LLMFI_HEADER_STRING ? h.value : llmfi_str("", 0);
    return llmfi_str("", 0);
}

/* ---- frames ---- */

/* The length of the frame whose prelude this is; 0 with s->error. */
static size_t llmfi_eventstream_total(llmfi_eventstream *s, const char *prelude) {
    uint32_t total = llmfi_load4_be(prelude), headers = llmfi_load4_be(prelude + 4);
    if (llmfi_crc32(0, prelude, 8) != llmfi_load4_be(prelude + 8) || total < LLMFI_EVENT_LEAST || headers > total - LLMFI_EVENT_LEAST) s->error = LLMFI_WIRE_BAD;
    else if (total > s->max_frame) s->error = LLMFI_WIRE_LIMIT;
    return s->error ? 0 : total;
}

/* Makes a whole frame the item. */
static bool llmfi_eventstream_item(llmfi_eventstream *s, llmf_str frame) {
    size_t end = frame.len - 4;
    llmfi_event_header h;
    llmf_str headers;
    int got;
    s->headers = llmfi_str(frame.ptr + LLMFI_EVENT_PRELUDE, llmfi_load4_be(frame.ptr + 4));
    s->payload = llmfi_range(s->headers.ptr + s->headers.len, frame.ptr + end);
    headers = s->headers;
    if (llmfi_crc32(0, frame.ptr, end) != llmfi_load4_be(frame.ptr + end)) s->error = LLMFI_WIRE_BAD;
    while (!s->error && (got = llmfi_event_header_next(&headers, &h)) != 0)
        if (got < 0) s->error = LLMFI_WIRE_BAD;
    return !s->error;
}

/* Bytes that must be there before one can go on: of the prelude, then of the frame. 0 with s->error. */
static size_t llmfi_eventstream_want(llmfi_eventstream *s, llmf_str have) {
    return have.len < LLMFI_EVENT_PRELUDE ? (size_t)LLMFI_EVENT_PRELUDE : llmfi_eventstream_total(s, have.ptr);
}

/* LLMFI_WIRE_ITEM: headers and payload are set; _MORE: *in is empty; _ERROR. A frame that is cut off by the end of the input is no item: there is nothing to
   ask for then. */
LLMFI_UNUSED static int llmfi_eventstream_next(llmfi_eventstream *s, llmf_str *in) {
    llmf_str frame;
    if (s->error) return LLMFI_WIRE_ERROR;
    if (s->spent) llmfi_wire_drop(&s->frame);
    s->spent = false;
    while (in->len) {
        llmf_str have = s->frame.len ? llmfi_buf_str(&s->frame) : *in;
        size_t want = llmfi_eventstream_want(s, have), missing;
        if (s->error) return LLMFI_WIRE_ERROR;
        if (!s->frame.len && want > LLMFI_EVENT_PRELUDE && want <= in->len) {
            frame = llmfi_str(in->ptr, want);
            llmfi_wire_take(in, want);
            return llmfi_eventstream_item(s, frame) ? LLMFI_WIRE_ITEM : LLMFI_WIRE_ERROR;
        }
        missing = want - s->frame.len < in->len ? want - s->frame.len : in->len;
        if (!llmfi_buf_add(&s->frame, in->ptr, missing)) s->error = LLMFI_WIRE_MEMORY;
        else if (s->frame.len == LLMFI_EVENT_PRELUDE) llmfi_eventstream_total(s, s->frame.ptr); /* what is wrong with it is told with its last byte */
        if (s->error) return LLMFI_WIRE_ERROR;
        llmfi_wire_take(in, missing);
        if (s->frame.len < want || want == LLMFI_EVENT_PRELUDE) continue;
        s->spent = true;
        return llmfi_eventstream_item(s, llmfi_buf_str(&s->frame)) ? LLMFI_WIRE_ITEM : LLMFI_WIRE_ERROR;
    }
    return LLMFI_WIRE_MORE;
}

#endif
