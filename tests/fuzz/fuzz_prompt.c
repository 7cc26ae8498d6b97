/* Any bytes as a template, as the value that fills it, and as what a step answers: a result or an error with its place; values are never read for holes; memory comes back.
   The input: one byte that chooses the request for memory that is refused, the template, and the value, with a NUL between. */
#define LLMFACTORY_IMPLEMENTATION
#define LLMF_NO_CURL 1 /* nothing goes over a network here */
#include "../../llmfactory.h"
#include <stdlib.h>

static char block[1 << 23];

static void check(bool ok) {
    if (!ok) abort();
}

/* The pieces stand one behind the other, and give the text back. */
static void check_pieces(llmf_str text) {
    llmfi_template t = llmfi_template_of(text);
    size_t at = 0;
    int piece;
    while ((piece = llmfi_template_next(&t)) != LLMFI_PIECE_END) {
        check(t.from == at && t.at > at && t.at <= text.len);
        if (piece == LLMFI_PIECE_TEXT) check(t.piece.len > 0 && t.piece.ptr >= text.ptr + at && t.piece.ptr + t.piece.len <= text.ptr + t.at);
        if (piece == LLMFI_PIECE_HOLE) check(llmfi_template_name_ok(t.name) && t.filter <= LLMFI_FILTER_XML && (t.has_otherwise || !t.otherwise.len));
        if (piece == LLMFI_PIECE_BAD) check(t.bad && t.bad[0]);
        at = t.at;
    }
    check(at == text.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    llmfi_heap heap;
    llmfi_arena arena;
    llmfi_scope scope;
    llmfi_output output;
    llmf_request req;
    llmf_error err;
    llmf_var vars[2];
    llmf_str text, value, json;
    size_t n;
    if (size < 2 || size > 8192) return 0;
    text = llmfi_str((const char *)data + 1, size - 1);
    n = llmfi_find_char(text, '\0');
    value = n == LLMFI_NOWHERE ? llmfi_str("", 0) : llmfi_from(text, n + 1);
    if (n != LLMFI_NOWHERE) text.len = n;
    check_pieces(text);
    check_pieces(value);
    if (llmfi_find_json(value, &json)) check(json.len > 0 && llmfi_json_valid(json) && json.ptr >= value.ptr && json.ptr + json.len <= value.ptr + value.len);
    if (!text.len) return 0;
    llmfi_heap_init(&heap, block, sizeof block);
    llmfi_arena_init(&arena, &heap, 0);
    heap.fail_at = data[0] & 1 ? data[0] / 2 + 1 : 0;
    memset(&scope, 0, sizeof scope);
    memset(&req, 0, sizeof req);
    llmfi_error_clear(&err);
    vars[0].name = "a";
    vars[0].value = value;
    vars[1].name = "b";
    vars[1].value = llmfi_cstr("{{a}}");
    output.name = llmfi_cstr("c");
    output.json = llmfi_json_valid(value);
    output.text = value;
    scope.vars = vars;
    scope.var_count = 2;
    scope.outputs = &output;
    scope.output_count = 1;
    req.prompt = text.ptr;
    req.prompt_len = text.len;
    if (llmfi_render(&scope, NULL, &arena, false, &req, &err)) {
        llmf_request dry;
        llmf_error none;
        check(err.code == LLMF_OK && req.prompt[req.prompt_len] == '\0');
        memset(&dry, 0, sizeof dry);
        dry.prompt = text.ptr;
        dry.prompt_len = text.len;
        check(llmfi_render(&scope, NULL, &arena, true, &dry, &none)); /* what can be filled, a look beforehand does not refuse */
    } else {
        check((err.code == LLMF_ERR_ARGUMENT || (err.code == LLMF_ERR_MEMORY && heap.fail_at)) && err.text[0] && strlen(err.text) < sizeof err.text);
    }
    llmfi_arena_free(&arena);
    check(heap.used == 0);
    return 0;
}
