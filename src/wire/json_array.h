/* A stream that is one JSON array (Gemini's streams without alt=sse): each element is an item, handed out at its last byte. Only what stands between the
   elements is judged here, and where each of them ends: whether an element is JSON, its reader must tell. */
#ifndef LLMFI_WIRE_JSON_ARRAY_H
#define LLMFI_WIRE_JSON_ARRAY_H
#include "pull.h"

/* What may come next. */
enum {
    LLMFI_ARRAY_OPEN,                        /* the array's [ */
    LLMFI_ARRAY_FIRST,                       /* an element or the closing ] */
    LLMFI_ARRAY_NEXT,                        /* an element */
    LLMFI_ARRAY_COMMA,                       /* , or the closing ] */
    LLMFI_ARRAY_CLOSED,                      /* nothing: what comes is passed over */
    LLMFI_ARRAY_INSIDE,                      /* more of an array, an object or text */
    LLMFI_ARRAY_WORD                         /* more of a number or a word */
};

typedef struct llmfi_json_array {
    llmfi_buf item;                          /* an unfinished element */
    size_t max_item;
    size_t depth;                            /* open arrays and objects of the element: at most max_item */
    llmf_str payload;                        /* the item; until the next call, or until the caller reuses the bytes of the input */
    int error;                               /* LLMFI_WIRE_MEMORY, _LIMIT, _BAD */
    int want;                                /* LLMFI_ARRAY_… */
    bool quoted, escaped;                    /* inside text; behind its backslash */
    bool spent;                              /* `item` holds the payload of the item handed out last */
} llmfi_json_array;

/* max_item: bytes of one element, 0 for LLMF_MAX_EVENT. */
LLMFI_UNUSED static void llmfi_json_array_init(llmfi_json_array *s, llmfi_heap *heap, size_t max_item) {
    memset(s, 0, sizeof *s);
    llmfi_buf_init(&s->item, heap, 0);
    s->max_item = max_item ? max_item : LLMF_MAX_EVENT;
}

LLMFI_UNUSED static void llmfi_json_array_free(llmfi_json_array *s) {
    llmfi_buf_free(&s->item);
}

/* The closing ] has come. */
LLMFI_UNUSED static bool llmfi_json_array_closed(const llmfi_json_array *s) {
    return s->want == LLMFI_ARRAY_CLOSED;
}

/* A byte outside of the elements: true where an element begins with it, which is not taken. */
static bool llmfi_json_array_between(llmfi_json_array *s, llmf_str *in) {
    char c = *in->ptr;
    bool element = s->want == LLMFI_ARRAY_FIRST || s->want == LLMFI_ARRAY_NEXT;
    if (!llmfi_is_space(c) && s->want != LLMFI_ARRAY_CLOSED) {
        if (s->want == LLMFI_ARRAY_OPEN && c == '[') s->want = LLMFI_ARRAY_FIRST;
        else if (s->want == LLMFI_ARRAY_COMMA && c == ',') s->want = LLMFI_ARRAY_NEXT;
        else if (c == ']' && (s->want == LLMFI_ARRAY_COMMA || s->want == LLMFI_ARRAY_FIRST)) s->want = LLMFI_ARRAY_CLOSED;
        else if (element && !llmfi_strchr(",]}:", c)) return true;
        else s->error = LLMFI_WIRE_BAD;
    }
    if (!s->error) llmfi_wire_take(in, 1);
    return false;
}

/* Behind the quote or backslash that ends a run of plain text; NULL: the text goes on. */
static const char *llmfi_json_array_text(llmfi_json_array *s, const char *p, const char *end) {
    for (; p < end; p++) {
        if (s->escaped) s->escaped = false;
        else if (*p == '\\') s->escaped = true;
        else if (*p == '"') {
            s->quoted = false;
            return p + 1;
        }
    }
    return NULL;
}

/* Goes over bytes of an element: what is behind its last byte, or NULL where it does not end here. */
static const char *llmfi_json_array_scan(llmfi_json_array *s, const char *p, const char *end) {
    while (p < end) {
        char c = *p;
        if (s->quoted) {
            p = llmfi_json_array_text(s, p, end);
            if (!p) return NULL;
            if (!s->depth && s->want == LLMFI_ARRAY_INSIDE) return p;
            continue;
        }
        if (s->want == LLMFI_ARRAY_WORD && (c == ',' || c == ']' || llmfi_is_space(c))) return p;
        p++;
        if (s->want == LLMFI_ARRAY_WORD) continue;
        if (c == '"') s->quoted = true;
        else if (c == '{' || c == '[') s->depth++;
        else if ((c == '}' || c == ']') && --s->depth == 0) return p;
    }
    return NULL;
}

/* LLMFI_WIRE_ITEM: payload is set; _MORE: *in is empty; _ERROR. */
LLMFI_UNUSED static int llmfi_json_array_next(llmfi_json_array *s, llmf_str *in) {
    if (s->error) return LLMFI_WIRE_ERROR;
    if (s->spent) llmfi_wire_drop(&s->item);
    s->spent = false;
    while (in->len) {
        const char *end;
        llmf_str piece;
        if (s->want < LLMFI_ARRAY_INSIDE) {
            if (llmfi_json_array_between(s, in)) s->want = llmfi_strchr("{[\"", *in->ptr) ? LLMFI_ARRAY_INSIDE : LLMFI_ARRAY_WORD;
            if (s->error) return LLMFI_WIRE_ERROR;
            continue;
        }
        end = llmfi_json_array_scan(s, in->ptr, in->ptr + in->len);
        piece = llmfi_str(in->ptr, end ? (size_t)(end - in->ptr) : in->len);
        s->spent = end && s->item.len;
        if (!end || s->spent) s->error = llmfi_wire_keep(&s->item, piece, s->max_item);
        else if (piece.len > s->max_item) s->error = LLMFI_WIRE_LIMIT;
        if (s->error) return LLMFI_WIRE_ERROR;
        llmfi_wire_take(in, piece.len);
        if (!end) break;
        s->payload = s->spent ? llmfi_buf_str(&s->item) : piece;
        s->want = LLMFI_ARRAY_COMMA;
        return LLMFI_WIRE_ITEM;
    }
    return LLMFI_WIRE_MORE;
}

#endif
