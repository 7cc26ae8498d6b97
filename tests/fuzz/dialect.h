/* For fuzzers of adapters: any bytes as the frames of a reply, one a line ("@name {…}": an event of that name). What must hold whatever they are: the events tell the same as the reply; an end
   without the terminal event is an error; a call that has ended has JSON or is marked; all memory comes back. The first byte of the input: bit 0 a stream,
   bit 1 text is discarded, the rest the request to the heap that is refused (0: none). */
#ifndef FUZZ_DIALECT_H
#define FUZZ_DIALECT_H
#include <stdlib.h>
#include "../../providers/body.h"

static char fuzz_block[1 << 18];

typedef struct fuzz_told {
    char text[1 << 16];
    size_t len, calls;
} fuzz_told;

static fuzz_told fuzz_text, fuzz_reasoning;

static void fuzz_tell(fuzz_told *t, llmf_str s) {
    if (!s.len || s.len > sizeof t->text - t->len || !llmfi_utf8_valid(s, NULL)) abort();
    memcpy(t->text + t->len, s.ptr, s.len);
    t->len += s.len;
}

static void fuzz_events(llmfi_reply *r) {
    llmf_event ev;
    while (llmfi_reply_next(r, &ev)) {
        if (ev.type == LLMF_EVENT_TEXT) fuzz_tell(&fuzz_text, ev.text);
        if (ev.type == LLMF_EVENT_REASONING) fuzz_tell(&fuzz_reasoning, ev.text);
        if (ev.type == LLMF_EVENT_TOOL_START && !ev.tool->id.len) abort();
        if (ev.type == LLMF_EVENT_TOOL_CALL && !ev.tool->invalid && !llmfi_json_valid(ev.tool->arguments)) abort();
    }
}

static void fuzz_frame(const llmfi_adapter *adapter, llmfi_reply *r, llmf_str frame) {
    llmf_str event = llmfi_str("", 0);
    char *copy;
    if (frame.len && frame.ptr[0] == '@') {
        size_t blank = llmfi_find_char(frame, ' ');
        event = llmfi_str(frame.ptr + 1, (blank == LLMFI_NOWHERE ? frame.len : blank) - 1);
        frame = llmfi_from(frame, event.len + 2);
    }
    copy = (char *)malloc(frame.len ? frame.len : 1); /* of its exact size, so that a byte read too many is seen */
    if (!copy) abort();
    if (frame.len) memcpy(copy, frame.ptr, frame.len);
    adapter->on_frame(r, event, llmfi_str(copy, frame.len));
    memset(copy, '#', frame.len);
    free(copy);
    fuzz_events(r);
}

static void fuzz_check(const llmfi_reply *r) {
    llmf_str text = llmfi_buf_str(&r->text), reasoning = llmfi_buf_str(&r->reasoning);
    if (!r->terminal && !r->error.code) abort();
    if (r->error.code && !r->error.text[0]) abort();
    if (r->discard) return;
    if (!llmfi_eq(text, llmfi_str(fuzz_text.text, fuzz_text.len)) || !llmfi_eq(reasoning, llmfi_str(fuzz_reasoning.text, fuzz_reasoning.len))) abort();
}

/* look: sees the reply before it is freed; NULL: nobody does. */
static void fuzz_reply(const llmfi_adapter *adapter, const uint8_t *data, size_t size, void (*look)(const llmfi_reply *r)) {
    llmfi_heap heap;
    llmfi_arena arena;
    static llmfi_reply r;
    llmf_str left = llmfi_str((const char *)data + 1, size - 1);
    fuzz_text.len = fuzz_reasoning.len = 0;
    llmfi_heap_init(&heap, fuzz_block, sizeof fuzz_block);
    heap.fail_at = data[0] >> 2;
    llmfi_arena_init(&arena, &heap, 0);
    llmfi_reply_init(&r, &heap, &arena, LLMFI_LIT("p"), NULL);
    r.streamed = (data[0] & 1) != 0;
    r.discard = (data[0] & 2) != 0;
    r.status = 200;
    while (left.len) {
        size_t lf = llmfi_find_char(left, '\n');
        r.tail = lf == LLMFI_NOWHERE;
        fuzz_frame(adapter, &r, llmfi_str(left.ptr, r.tail ? left.len : lf));
        left = r.tail ? llmfi_str("", 0) : llmfi_from(left, lf + 1);
    }
    llmfi_reply_end(&r, true);
    fuzz_events(&r);
    fuzz_check(&r);
    if (look) look(&r);
    llmfi_reply_free(&r);
    llmfi_arena_free(&arena);
    if (heap.used) abort();
}

#endif
