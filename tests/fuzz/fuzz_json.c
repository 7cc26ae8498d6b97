/* Any bytes as JSON: whole and in pieces the same tokens and the same error; what is accepted can be written again, and reads as
   the same; the tree accepts nothing that the reader refuses. The first four bytes are the seed of the pieces. */
#include <stdlib.h>
#include "../../src/base/json_tree.h"

typedef struct run {
    char log[1 << 18];
    size_t len;
    int result;
    uint64_t error_offset;
} run;

static run whole, split, again;
static char block[1 << 20], text[1 << 18], decoded[1 << 18];

static void check(bool right) {
    if (!right) abort();
}

static void put(run *r, const char *bytes, size_t len) {
    check(len <= sizeof r->log - r->len);
    if (len) memcpy(r->log + r->len, bytes, len);
    r->len += len;
}

/* The token, decoded, so that two ways of writing it are the same. */
static void item(run *r, const llmfi_json *j, int token) {
    char mark = (char)('A' + token);
    put(r, &mark, 1);
    if (token == LLMFI_J_NUMBER) put(r, j->text.ptr, j->text.len);
    if (token == LLMFI_J_STRING || token == LLMFI_J_KEY) {
        size_t n = llmfi_json_decode(decoded, j->text);
        check(n <= llmfi_json_text_max(j) && llmfi_utf8_valid(llmfi_str(decoded, n), NULL));
        check(!llmfi_json_plain(j) || llmfi_eq(j->text, llmfi_str(decoded, n)));
        if (llmfi_json_strict(j, NULL)) check(llmfi_json_is(j, llmfi_str(decoded, n)));
        put(r, decoded, n);
    }
    put(r, ";", 1);
}

/* Pieces of 1 .. most bytes (0: all at once), each in an allocation of exactly its size. */
static void read_all(llmf_str in, run *r, uint64_t seed, size_t most) {
    llmfi_json j;
    char *held = (char *)malloc(1);
    size_t from = 0, held_len = 0;
    int token;
    r->len = 0;
    check(held != NULL);
    llmfi_json_init(&j, llmfi_str(held, 0), false);
    for (;;) {
        size_t rest, add = in.len - from;
        char *next;
        while ((token = llmfi_json_next(&j)) > 0 && token != LLMFI_J_END) item(r, &j, token);
        if (token != LLMFI_J_MORE) break;
        check(!j.last);
        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
        if (most && add > 1 + (size_t)(seed >> 33) % most) add = 1 + (size_t)(seed >> 33) % most;
        rest = held_len - (size_t)(j.at - held);
        next = (char *)malloc(rest + add ? rest + add : 1);
        check(next != NULL);
        if (rest) memcpy(next, j.at, rest);
        if (add) memcpy(next + rest, in.ptr + from, add);
        from += add;
        llmfi_json_feed(&j, llmfi_str(next, rest + add), from == in.len);
        free(held);
        held = next;
        held_len = rest + add;
    }
    r->result = token;
    r->error_offset = token < 0 ? j.error_offset : 0;
    check(token > 0 || (j.error && j.error_offset <= in.len));
    free(held);
}

static void same(const run *a, const run *b) {
    check(a->result == b->result && a->error_offset == b->error_offset && a->len == b->len && memcmp(a->log, b->log, a->len) == 0);
}

/* Writes token by token what the reader gives; skipping must end where reading does. */
static void write_again(llmf_str in) {
    llmfi_json j;
    llmfi_out o;
    llmfi_jw w;
    llmf_str raw;
    int token;
    llmfi_json_init(&j, in, true);
    check(llmfi_json_raw(&j, &raw) > 0 && llmfi_json_next(&j) == LLMFI_J_END);
    llmfi_out_window(&o, text, sizeof text, 0);
    llmfi_jw_init(&w, &o);
    llmfi_json_init(&j, raw, true);
    while ((token = llmfi_json_next(&j)) != LLMFI_J_END) {
        check(token > 0 && !w.bad);
        switch (token) {
        case LLMFI_J_NULL: llmfi_jw_null(&w); break;
        case LLMFI_J_FALSE: case LLMFI_J_TRUE: llmfi_jw_bool(&w, token == LLMFI_J_TRUE); break;
        case LLMFI_J_NUMBER: llmfi_jw_raw(&w, j.text); break;
        case LLMFI_J_STRING: llmfi_jw_str(&w, llmfi_str(decoded, llmfi_json_decode(decoded, j.text))); break;
        case LLMFI_J_KEY: llmfi_jw_key_str(&w, llmfi_str(decoded, llmfi_json_decode(decoded, j.text))); break;
        case LLMFI_J_OBJECT: llmfi_jw_object(&w); break;
        case LLMFI_J_OBJECT_END: llmfi_jw_object_end(&w); break;
        case LLMFI_J_ARRAY: llmfi_jw_array(&w); break;
        default: llmfi_jw_array_end(&w); break;
        }
    }
    check(llmfi_jw_done(&w) && o.len == o.total && llmfi_json_valid(llmfi_str(text, o.len)));
    read_all(llmfi_str(text, o.len), &again, 0, 0);
    same(&whole, &again);
}

/* Numbers: what is printed reads back. */
static void numbers(llmf_str in) {
    char out[LLMFI_DOUBLE_TEXT];
    double value, back;
    size_t n;
    if (!llmfi_parse_double(in, &value)) return;
    n = llmfi_print_double(out, value);
    check(n > 0 && n <= sizeof out && llmfi_json_valid(llmfi_str(out, n)));
    check(llmfi_parse_double(llmfi_str(out, n), &back) && memcmp(&back, &value, sizeof value) == 0);
}

static void tree(llmf_str in, bool accepted, uint64_t fail_at) {
    llmfi_heap heap;
    llmfi_arena arena;
    llmfi_parse_error error;
    llmfi_node *root;
    llmfi_out o;
    llmfi_jw w;
    llmfi_heap_init(&heap, block, sizeof block);
    heap.fail_at = fail_at;
    llmfi_arena_init(&arena, &heap, 0);
    root = llmfi_json_parse(&arena, in, &error, (fail_at & 1) != 0);
    check((root != NULL) == (error.what == NULL));
    check(!root || (accepted && llmfi_json_valid(in)));
    if (!root) {
        check(error.offset <= in.len && error.line > 0 && error.column > 0);
    } else {
        llmfi_out_window(&o, text, sizeof text, 0);
        llmfi_jw_init(&w, &o);
        llmfi_node_write(&w, root);
        check(llmfi_jw_done(&w));
        read_all(llmfi_str(text, o.len), &again, 0, 0);
        same(&whole, &again);
    }
    llmfi_arena_free(&arena);
    check(heap.used == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint32_t seed = 0;
    llmf_str in;
    if (size < 4 || size > 16384) return 0;
    memcpy(&seed, data, 4);
    in = llmfi_str((const char *)data + 4, size - 4);
    read_all(in, &whole, 0, 0);
    read_all(in, &split, seed, 1);
    same(&whole, &split);
    read_all(in, &split, seed, 2 + seed % 40);
    same(&whole, &split);
    if (whole.result == LLMFI_J_END) write_again(in);
    numbers(in);
    tree(in, whole.result == LLMFI_J_END, seed % 8);
    return 0;
}
