/* Any bytes as a schema, as an answer to be taken and mended, and as a stream: a schema is made ready or refused with its place; what is taken is JSON that keeps to it; a stream
   says the same however it is cut; nothing runs on; memory comes back. The input: a byte that chooses the request for memory that is refused, the schema, a NUL, the answer. */
#define LLMFACTORY_IMPLEMENTATION
#define LLMF_NO_CURL 1 /* nothing goes over a network here */
#define LLMF_MAX_CHECK_WORK 200000
#include "../../llmfactory.h"
#include <stdlib.h>

static char block[1 << 22];

static void check(bool ok) {
    if (!ok) abort();
}

typedef struct thing {
    char name[5];
    int n;
    double d;
    short list[3];
    size_t count;
} thing;
static const llmf_field fields[] = {LLMF_FIELD(thing, name, STRING), LLMF_FIELD(thing, n, INT), LLMF_FIELD(thing, d, DOUBLE), LLMF_FIELD_ARRAY(thing, list, count, INT), {0}};

static uint64_t heard;
static void hear(void *user, const char *path, int kind, llmf_str text, int whole) {
    size_t i;
    (void)user;
    for (i = 0; i < text.len; i++) heard = heard * 31 + (unsigned char)text.ptr[i];
    if (!whole) return;
    for (; *path; path++) heard = heard * 31 + (unsigned char)*path;
    heard = heard * 31 + (unsigned)kind;
    check(kind == LLMF_KIND_STRING || llmf_json_valid(text, NULL));
}

/* The whole at once, or in pieces of `step`. */
static int stream(llmf_str text, size_t step, thing *to, bool table) {
    llmf_json_stream s;
    int rc = 0;
    memset(&s, 0, sizeof s);
    memset(to, 0, sizeof *to);
    heard = 0;
    s.on_value = hear;
    if (table) {
        s.fields = fields;
        s.to = to;
    }
    while (text.len && rc == 0) {
        rc = llmf_json_feed(&s, llmfi_str(text.ptr, step < text.len ? step : text.len));
        text = llmfi_from(text, step < text.len ? step : text.len);
    }
    check(rc >= 0 || (s.error && strlen(s.path) < 256));
    check(to->count <= 3 && memchr(to->name, 0, sizeof to->name));
    return rc;
}

static void streams(llmf_str text) {
    int table;
    for (table = 0; table < 2; table++) {
        thing whole, parts;
        uint64_t all;
        int rc = stream(text, text.len, &whole, table != 0);
        all = heard;
        check(stream(text, 1, &parts, table != 0) == rc && heard == all && memcmp(&whole, &parts, sizeof whole) == 0);
        check(stream(text, 3, &parts, table != 0) == rc && heard == all && memcmp(&whole, &parts, sizeof whole) == 0);
    }
}

/* What is no JSON is walked through to its end, by views that stay inside. */
static void formats(llmf_str text) {
    int kind;
    for (kind = LLMF_EACH_XML; kind <= LLMF_EACH_CSV_CELL; kind++) {
        llmf_str name = llmfi_str("", 0), value = llmfi_str("", 0);
        size_t at = 0, n = 0;
        char out[20];
        while (llmf_text_each(kind, text, &at, &name, &value) != 0) {
            check(++n <= text.len + 2 && (!value.len || (value.ptr >= text.ptr && value.ptr + value.len <= text.ptr + text.len)));
            check(!name.len || (name.ptr >= text.ptr && name.ptr + name.len <= text.ptr + text.len));
            (void)llmf_text_decode(kind, value, out, sizeof out);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char said[200];
    llmfi_text t = llmfi_text_in(said, sizeof said);
    llmfi_heap heap;
    llmfi_arena arena;
    llmfi_schema schema;
    llmfi_buf value;
    llmf_error err;
    llmf_str text, answer;
    size_t n;
    int repaired, rc;
    if (size < 3 || size > 4096) return 0;
    text = llmfi_str((const char *)data + 1, size - 1);
    n = llmfi_find_char(text, '\0');
    if (n == LLMFI_NOWHERE) return 0;
    answer = llmfi_from(text, n + 1);
    text.len = n;
    streams(answer);
    formats(answer);
    llmfi_heap_init(&heap, block, sizeof block);
    llmfi_arena_init(&arena, &heap, 0);
    llmfi_buf_init(&value, &heap, 0);
    heap.fail_at = data[0] & 1 ? data[0] / 2 + 1 : 0;
    if (llmfi_schema_make(&schema, &arena, text, &err)) {
        rc = llmfi_answer_take(&schema, answer, (data[0] & 2) != 0, &value, &repaired, &t);
        check(rc == LLMF_OK || rc == LLMF_ERR_SCHEMA || rc == LLMF_ERR_LIMIT || (rc == LLMF_ERR_MEMORY && heap.fail_at));
        if (rc == LLMF_OK) check(llmf_json_valid(llmfi_buf_str(&value), NULL));
        if (rc == LLMF_ERR_SCHEMA || rc == LLMF_ERR_LIMIT) check(t.len > 0);
        if (rc == LLMF_OK && !heap.fail_at) check(llmfi_value_check(&schema, &heap, llmfi_buf_str(&value), &t) == LLMF_OK);
    } else {
        check((err.code == LLMF_ERR_ARGUMENT || err.code == LLMF_ERR_UNSUPPORTED || (err.code == LLMF_ERR_MEMORY && heap.fail_at)) && err.text[0] && strlen(err.text) < sizeof err.text);
    }
    llmfi_buf_free(&value);
    llmfi_arena_free(&arena);
    check(heap.used == 0);
    return 0;
}
