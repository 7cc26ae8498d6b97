/* Any bytes as YAML: a tree that holds together, or an error with its place; a text that the JSON reader takes too gives the same tree.
   The first byte of the input chooses the request for memory that is refused. */
#include <stdlib.h>
#define LLMF_ARENA_PIECE 64 /* many small pieces: many requests to refuse */
#include "../../src/base/json_tree.h"
#include "../../src/base/yaml.h"

static char block[1 << 23];

static void check(bool ok) {
    if (!ok) abort();
}

static void check_tree(const llmfi_node *n, bool member, int depth) {
    const llmfi_node *child;
    uint32_t count = 0;
    llmfi_json j;
    check(depth <= LLMF_MAX_DEPTH && n->type >= LLMFI_NULL && n->type <= LLMFI_OBJECT && n->line > 0 && n->column > 0);
    check(member == (n->key.ptr != NULL) && (!member || (n->key.ptr[n->key.len] == '\0' && n->key_line > 0 && llmfi_utf8_valid(n->key, NULL))));
    check(!n->text.ptr || (n->text.ptr[n->text.len] == '\0' && llmfi_utf8_valid(n->text, NULL)));
    if (n->type == LLMFI_NUMBER) {
        llmfi_json_init(&j, n->text, true);
        check(llmfi_json_next(&j) == LLMFI_J_NUMBER && j.text.len == n->text.len);
    }
    for (child = n->child; child; child = child->next, count++) check_tree(child, n->type == LLMFI_OBJECT, depth + 1);
    check(count == n->count);
}

static void same(const llmfi_node *a, const llmfi_node *b) {
    const llmfi_node *x = a->child, *y = b->child;
    check(a->type == b->type && a->line == b->line && a->column == b->column && a->count == b->count);
    check(llmfi_eq(a->key, b->key) && a->key_line == b->key_line && a->key_column == b->key_column && llmfi_eq(a->text, b->text));
    for (; x && y; x = x->next, y = y->next) same(x, y);
    check(!x && !y);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    llmfi_heap heap;
    llmfi_arena yaml_arena, json_arena;
    llmfi_parse_error error, json_error;
    llmfi_node *yaml, *json;
    llmf_str in;
    if (size < 1 || size > 16384) return 0;
    in = llmfi_str((const char *)data + 1, size - 1);
    llmfi_heap_init(&heap, block, sizeof block);
    llmfi_arena_init(&yaml_arena, &heap, 0);
    llmfi_arena_init(&json_arena, &heap, 0);
    heap.fail_at = data[0] & 1 ? data[0] / 2 + 1 : 0;
    yaml = llmfi_yaml_parse(&yaml_arena, in, &error);
    check((yaml != NULL) == (error.what == NULL) && (!error.memory || heap.fail_at));
    if (!yaml) check(error.offset <= in.len && error.line > 0 && error.column > 0);
    if (yaml) check_tree(yaml, false, 0);
    heap.fail_at = 0;
    json = llmfi_json_parse(&json_arena, in, &json_error, true);
    if (yaml && json) same(yaml, json);
    llmfi_arena_free(&yaml_arena);
    llmfi_arena_free(&json_arena);
    check(heap.used == 0);
    return 0;
}
