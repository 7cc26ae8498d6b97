/* Newline-delimited JSON (Ollama's streams, batch results): one item a line. A line ends with LF; one CR before it is not part of it.
   Lines of nothing but blanks are passed over. */
#ifndef LLMFI_WIRE_NDJSON_H
#define LLMFI_WIRE_NDJSON_H
#include "pull.h"

typedef struct llmfi_ndjson {
    llmfi_buf line;                          /* an unfinished line */
    size_t max_line;
    llmf_str payload;                        /* the item; until the next call, or until the caller reuses the bytes of the input */
    int error;                               /* LLMFI_WIRE_MEMORY, _LIMIT */
    bool spent;                              /* `line` holds the payload of the item handed out last */
} llmfi_ndjson;

/* max_line: bytes before the LF, 0 for LLMF_MAX_LINE. */
LLMFI_UNUSED static void llmfi_ndjson_init(llmfi_ndjson *s, llmfi_heap *heap, size_t max_line) {
    memset(s, 0, sizeof *s);
    llmfi_buf_init(&s->line, heap, 0);
    s->max_line = max_line ? max_line : LLMF_MAX_LINE;
}

LLMFI_UNUSED static void llmfi_ndjson_free(llmfi_ndjson *s) {
    llmfi_buf_free(&s->line);
}

/* Makes the line the item; false when it is blank. */
static bool llmfi_ndjson_item(llmfi_ndjson *s, llmf_str line) {
    size_t i = 0;
    if (line.len && line.ptr[line.len - 1] == '\r') line.len--;
    while (i < line.len && llmfi_is_space(line.ptr[i])) i++;
    s->payload = line;
    return i < line.len;
}

/* LLMFI_WIRE_ITEM: payload is set; _MORE: *in is empty; _ERROR. */
LLMFI_UNUSED static int llmfi_ndjson_next(llmfi_ndjson *s, llmf_str *in) {
    if (s->error) return LLMFI_WIRE_ERROR;
    if (s->spent) llmfi_wire_drop(&s->line);
    s->spent = false;
    while (in->len) {
        const char *lf = (const char *)llmfi_memchr(in->ptr, '\n', in->len);
        llmf_str piece = llmfi_str(in->ptr, lf ? (size_t)(lf - in->ptr) : in->len);
        bool whole = lf && !s->line.len;
        if (!whole) s->error = llmfi_wire_keep(&s->line, piece, s->max_line);
        else if (piece.len > s->max_line) s->error = LLMFI_WIRE_LIMIT;
        if (s->error) return LLMFI_WIRE_ERROR;
        llmfi_wire_take(in, piece.len + (lf ? 1 : 0));
        if (!lf) break;
        if (llmfi_ndjson_item(s, whole ? piece : llmfi_buf_str(&s->line))) {
            s->spent = !whole;
            return LLMFI_WIRE_ITEM;
        }
        if (!whole) llmfi_wire_drop(&s->line);
    }
    return LLMFI_WIRE_MORE;
}

/* The input ended: LLMFI_WIRE_ITEM when a last line without its LF is there, whose JSON must tell whether it is whole; else _MORE. */
LLMFI_UNUSED static int llmfi_ndjson_end(llmfi_ndjson *s) {
    if (s->error) return LLMFI_WIRE_ERROR;
    if (s->spent || !llmfi_ndjson_item(s, llmfi_buf_str(&s->line))) return LLMFI_WIRE_MORE;
    s->spent = true;
    return LLMFI_WIRE_ITEM;
}

#endif
