/* The tree that the JSON reader and the YAML reader both build, in an arena: config files, tool arguments, schemas.
   Replies never pass through it. */
#ifndef LLMFI_BASE_NODE_H
#define LLMFI_BASE_NODE_H
#include "mem.h"

enum { LLMFI_NULL, LLMFI_FALSE, LLMFI_TRUE, LLMFI_NUMBER, LLMFI_STRING, LLMFI_ARRAY, LLMFI_OBJECT };

typedef struct llmfi_node {
    int type;
    uint32_t line, column;                   /* of its first byte, from 1; column counts bytes */
    uint32_t key_line, key_column;           /* of its key, where it has one */
    uint32_t count;                          /* children */
    llmf_str key;                            /* in an object: decoded; else ptr NULL */
    llmf_str text;                           /* string: decoded, NUL behind it; number: as it was written */
    struct llmfi_node *child, *next;         /* first child; next one of the same parent */
} llmfi_node;

/* What a reader says of bad input: the place, and a text of its own (static storage). */
typedef struct llmfi_parse_error {
    size_t offset;                           /* byte, from 0 */
    uint32_t line, column;                   /* from 1 */
    bool memory;                             /* the arena refused: not the input's fault */
    const char *what;                        /* NULL: no error */
} llmfi_parse_error;

/* The member named `key`, or NULL. */
LLMFI_UNUSED static const llmfi_node *llmfi_member(const llmfi_node *object, llmf_str key) {
    const llmfi_node *n = object && object->type == LLMFI_OBJECT ? object->child : NULL;
    while (n && !llmfi_eq(n->key, key)) n = n->next;
    return n;
}

/* Line and column, from 1, of byte `offset`. */
LLMFI_UNUSED static void llmfi_place(llmf_str text, size_t offset, uint32_t *line, uint32_t *column) {
    size_t i;
    *line = *column = 1;
    for (i = 0; i < offset && i < text.len; i++) {
        if (text.ptr[i] == '\n' || (text.ptr[i] == '\r' && !(i + 1 < text.len && text.ptr[i + 1] == '\n'))) {
            ++*line;
            *column = 1;
        } else {
            ++*column;
        }
    }
}

#endif
