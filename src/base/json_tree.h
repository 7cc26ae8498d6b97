/* JSON as a tree of llmfi_node: config files, schemas, tool arguments. Stricter than the reader: bad UTF-8 and lone surrogates are
   refused with their place. */
#ifndef LLMFI_BASE_JSON_TREE_H
#define LLMFI_BASE_JSON_TREE_H
#include "json_write.h"
#include "node.h"

/* True when `text` is one complete JSON value in valid UTF-8 (a lone surrogate written as an escape is valid JSON). */
LLMFI_UNUSED static bool llmfi_json_valid(llmf_str text) {
    llmfi_json j;
    int token;
    if (!llmfi_utf8_valid(text, NULL)) return false;
    llmfi_json_init(&j, text, true);
    while ((token = llmfi_json_next(&j)) > 0 && token != LLMFI_J_END) continue;
    return token == LLMFI_J_END;
}

/* ---- building ---- */

typedef struct llmfi_json_builder {
    llmfi_json j;
    llmfi_arena *arena;
    llmfi_parse_error *error;
    const char *begin, *seen;                /* the text; how far lines have been counted */
    uint32_t line, column;                   /* of `seen` */
    bool unique_keys;
    llmf_str key;                            /* of the value to come */
    uint32_t key_line, key_column;
    llmfi_node *root;
    llmfi_node *open[LLMF_MAX_DEPTH];        /* arrays and objects around the next value */
    llmfi_node **link[LLMF_MAX_DEPTH + 1];   /* where the next value of each is to be hung; [0] is the root */
} llmfi_json_builder;

/* Counts lines and columns on to `at`, as llmfi_place does. */
static void llmfi_json_count(llmfi_json_builder *b, const char *at) {
    for (; b->seen < at; b->seen++) {
        if (*b->seen == '\n' || (*b->seen == '\r' && !(b->seen + 1 < b->j.end && b->seen[1] == '\n'))) {
            b->line++;
            b->column = 1;
        } else {
            b->column++;
        }
    }
}

static llmfi_node *llmfi_json_refuse(llmfi_json_builder *b, size_t offset, const char *what) {
    b->error->what = what;
    b->error->offset = offset;
    llmfi_place(llmfi_range(b->begin, b->j.end), offset, &b->error->line, &b->error->column);
    return NULL;
}
#if !LLMF_HAS_STRINGS
#define llmfi_json_refuse(b, offset, what) llmfi_json_refuse((b), (offset), "")
#endif

static llmfi_node *llmfi_json_no_memory(llmfi_json_builder *b) {
    b->error->memory = true;
    return llmfi_json_refuse(b, (size_t)(b->j.at - b->begin), "out of memory");
}

/* The current KEY or STRING, checked and decoded. False: refused. */
static bool llmfi_json_take_text(llmfi_json_builder *b, llmf_str *text) {
    size_t bad = 0;
    if (!llmfi_json_strict(&b->j, &bad)) {
        const char *at = b->j.text.ptr + bad;
        llmfi_json_refuse(b, (size_t)(at - b->begin), *at == '\\' ? "half of a surrogate pair" : "invalid UTF-8");
        return false;
    }
    *text = llmfi_json_copy(&b->j, b->arena);
    if (b->arena->failed) llmfi_json_no_memory(b);
    return !b->arena->failed;
}

/* A node for the current token, which began at `at`, in its place in the tree. */
static llmfi_node *llmfi_json_hang(llmfi_json_builder *b, const char *at) {
    static const uint8_t types[] = { 0, LLMFI_NULL, LLMFI_FALSE, LLMFI_TRUE, LLMFI_NUMBER, LLMFI_STRING, 0, LLMFI_OBJECT, 0, LLMFI_ARRAY };
    llmfi_node *n = (llmfi_node *)llmfi_arena_alloc(b->arena, sizeof *n);
    uint32_t depth = b->j.depth - (b->j.token == LLMFI_J_OBJECT || b->j.token == LLMFI_J_ARRAY);
    if (!n) return llmfi_json_no_memory(b);
    llmfi_json_count(b, at);
    n->type = types[b->j.token];
    n->line = b->line;
    n->column = b->column;
    if (depth && b->open[depth - 1]->type == LLMFI_OBJECT) {
        n->key = b->key;
        n->key_line = b->key_line;
        n->key_column = b->key_column;
    }
    if (depth) b->open[depth - 1]->count++;
    *b->link[depth] = n;
    b->link[depth] = &n->next;
    if (b->j.depth > depth) {
        b->open[depth] = n;
        b->link[depth + 1] = &n->child;
    }
    return n;
}

static bool llmfi_json_take_value(llmfi_json_builder *b, const char *at) {
    llmfi_node *n = llmfi_json_hang(b, at);
    if (!n) return false;
    if (b->j.token == LLMFI_J_STRING) return llmfi_json_take_text(b, &n->text);
    if (b->j.token != LLMFI_J_NUMBER) return true;
    n->text = llmfi_arena_copy(b->arena, b->j.text);
    if (b->arena->failed) llmfi_json_no_memory(b);
    return !b->arena->failed;
}

static bool llmfi_json_take_key(llmfi_json_builder *b) {
    llmfi_json_count(b, b->j.text.ptr - 1);
    b->key_line = b->line;
    b->key_column = b->column;
    return llmfi_json_take_text(b, &b->key);
}

/* The second of two members with the same key, or NULL. `table` has `size` places, a power of two and more than there are members. */
static const llmfi_node *llmfi_node_twice(const llmfi_node *object, const llmfi_node **table, size_t size) {
    const llmfi_node *n;
    for (n = object->child; n; n = n->next) {
        uint32_t hash = 2166136261u; /* FNV-1a */
        size_t i;
        for (i = 0; i < n->key.len; i++) hash = (hash ^ (unsigned char)n->key.ptr[i]) * 16777619u;
        for (i = hash & (size - 1); table[i]; i = (i + 1) & (size - 1))
            if (llmfi_eq(table[i]->key, n->key)) return n;
        table[i] = n;
    }
    return NULL;
}

/* Refuses a key that stands twice in the object that has just ended. */
static bool llmfi_json_check_keys(llmfi_json_builder *b, const llmfi_node *object) {
    const llmfi_node *few[16], **table = few, *twice;
    size_t size = LLMFI_COUNT(few);
    if (object->count < size / 2) {
        memset(few, 0, sizeof few);
    } else {
        while (size / 2 < object->count) size *= 2;
        table = (const llmfi_node **)llmfi_arena_array(b->arena, size, sizeof *table);
        if (!table) return llmfi_json_no_memory(b) != NULL;
    }
    twice = llmfi_node_twice(object, table, size);
    if (!twice) return true;
    b->seen = b->begin; /* the node knows line and column only: look for the byte again */
    b->line = b->column = 1;
    while (b->line != twice->key_line || b->column != twice->key_column) llmfi_json_count(b, b->seen + 1);
    llmfi_json_refuse(b, (size_t)(b->seen - b->begin), "this key stands here twice");
    return false;
}

/* One step: takes the token that was just read and began at `at`. */
static bool llmfi_json_take(llmfi_json_builder *b, const char *at) {
    switch (b->j.token) {
    case LLMFI_J_KEY: return llmfi_json_take_key(b);
    case LLMFI_J_OBJECT_END: return !b->unique_keys || llmfi_json_check_keys(b, b->open[b->j.depth]);
    case LLMFI_J_ARRAY_END: return true;
    default: return llmfi_json_take_value(b, at);
    }
}

/* The tree of `text`, in the arena, which keeps nothing of `text` itself; NULL: *error tells (what it took of the arena stays
   taken). With `unique_keys` a key that stands twice in one object is an error, else each of them is a member. */
LLMFI_UNUSED static llmfi_node *llmfi_json_parse(llmfi_arena *arena, llmf_str text, llmfi_parse_error *error, bool unique_keys) {
    llmfi_json_builder b;
    memset(error, 0, sizeof *error);
    memset(&b, 0, sizeof b);
    b.arena = arena;
    b.error = error;
    b.begin = b.seen = text.ptr;
    b.line = b.column = 1;
    b.unique_keys = unique_keys;
    b.link[0] = &b.root;
    llmfi_json_init(&b.j, text, true);
    for (;;) {
        const char *at;
        int token = llmfi_json_next(&b.j);
        if (token == LLMFI_J_END) return b.root;
        if (token < 0) return llmfi_json_refuse(&b, (size_t)b.j.error_offset, b.j.error);
        at = token == LLMFI_J_STRING ? b.j.text.ptr - 1 : token <= LLMFI_J_NUMBER ? b.j.text.ptr : b.j.at - 1;
        if (!llmfi_json_take(&b, at)) return NULL;
    }
}

/* ---- writing ---- */

/* A number as it is written, if JSON writes it so too (YAML has other spellings); else its value. */
static void llmfi_jw_number(llmfi_jw *w, llmf_str text) {
    llmfi_json j;
    double value = 0;
    llmfi_json_init(&j, text, true);
    if (llmfi_json_next(&j) == LLMFI_J_NUMBER && j.text.len == text.len) llmfi_jw_raw(w, text);
    else if (llmfi_parse_double(text, &value)) llmfi_jw_double(w, value);
    else w->bad = true;
}

static void llmfi_node_write_one(llmfi_jw *w, const llmfi_node *n) {
    switch (n->type) {
    case LLMFI_FALSE: case LLMFI_TRUE: llmfi_jw_bool(w, n->type == LLMFI_TRUE); break;
    case LLMFI_NUMBER: llmfi_jw_number(w, n->text); break;
    case LLMFI_STRING: llmfi_jw_str(w, n->text); break;
    case LLMFI_ARRAY: llmfi_jw_array(w); break;
    case LLMFI_OBJECT: llmfi_jw_object(w); break;
    default: llmfi_jw_null(w); break;
    }
}

static void llmfi_node_close(llmfi_jw *w, const llmfi_node *n) {
    if (n->type == LLMFI_OBJECT) llmfi_jw_object_end(w);
    else llmfi_jw_array_end(w);
}

/* Writes the tree as one value, without its own key. Deeper than LLMF_MAX_DEPTH sets w->bad. */
LLMFI_UNUSED static void llmfi_node_write(llmfi_jw *w, const llmfi_node *root) {
    const llmfi_node *open[LLMF_MAX_DEPTH], *n = root;
    uint32_t depth = 0;
    while (!w->bad) {
        if (depth && n->key.ptr) llmfi_jw_key_str(w, n->key);
        llmfi_node_write_one(w, n);
        if (n->type >= LLMFI_ARRAY) {
            if (n->child && depth < LLMF_MAX_DEPTH) {
                open[depth++] = n;
                n = n->child;
                continue;
            }
            if (n->child) w->bad = true;
            llmfi_node_close(w, n);
        }
        while (depth && !n->next) {
            n = open[--depth];
            llmfi_node_close(w, n);
        }
        if (!depth) return;
        n = n->next;
    }
}

#endif
