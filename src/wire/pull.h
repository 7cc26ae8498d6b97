/* What the decoders of this folder have in common. Each is pulled: it takes bytes from the front of its input and stops at the next
   item, so that the caller may stop between two. Nothing of the input is taken beyond the item; any split of the same bytes gives the
   same items. What is whole in the input is handed out as a view into it; only unfinished pieces are kept, up to a limit. */
#ifndef LLMFI_WIRE_PULL_H
#define LLMFI_WIRE_PULL_H
#include "../base/mem.h"

/* Bytes of one line of a stream. */
#ifndef LLMF_MAX_LINE
#define LLMF_MAX_LINE (8u << 20)
#endif
/* Bytes of one event of a stream. */
#ifndef LLMF_MAX_EVENT
#define LLMF_MAX_EVENT (16u << 20)
#endif
/* Bytes of all heads of one HTTP reply: interim ones, its own, its trailers. */
#ifndef LLMF_MAX_HEAD
#define LLMF_MAX_HEAD 65536u
#endif
/* Header lines of the same. */
#ifndef LLMF_MAX_HEADERS
#define LLMF_MAX_HEADERS 256u
#endif
/* An emptied buffer larger than this goes back to the heap, so that one long line does not cost a stream its memory for good. */
#ifndef LLMF_WIRE_KEEP
#define LLMF_WIRE_KEEP 4096u
#endif

enum { LLMFI_WIRE_ERROR = -1, LLMFI_WIRE_MORE = 0, LLMFI_WIRE_ITEM = 1 };

/* Why an LLMFI_WIRE_ERROR: it stays, each further call gives it again. */
enum {
    LLMFI_WIRE_FINE = 0,
    LLMFI_WIRE_MEMORY = 1,                   /* the heap refused */
    LLMFI_WIRE_LIMIT = 2,                    /* longer than the limit given at init */
    LLMFI_WIRE_BAD = 3,                      /* not the protocol */
    LLMFI_WIRE_CUT = 4                       /* the input ended too early */
};

LLMFI_UNUSED static void llmfi_wire_take(llmf_str *in, size_t n) {
    in->ptr += n;
    in->len -= n;
}

/* Adds a piece to what is kept of an unfinished line, which is never more than `limit`: LLMFI_WIRE_FINE, _LIMIT or _MEMORY.
   The limit is exact, unlike a buffer's own. */
LLMFI_UNUSED static LLMFI_SHORT int llmfi_wire_keep(llmfi_buf *b, llmf_str piece, size_t limit) {
    if (piece.len > limit - b->len) return LLMFI_WIRE_LIMIT;
    return llmfi_buf_add(b, piece.ptr, piece.len) ? LLMFI_WIRE_FINE : LLMFI_WIRE_MEMORY;
}

/* Empties a buffer whose contents are over. */
LLMFI_UNUSED static void llmfi_wire_drop(llmfi_buf *b) {
    b->len = 0;
    if (b->cap > LLMF_WIRE_KEEP) llmfi_buf_free(b);
}

#endif
