/* What the tests of adapters share: a reply over a heap of its own, frames fed to it, and all that came of them as one line of text. */
#ifndef REPLY_LOG_H
#define REPLY_LOG_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "../../providers/fault.h"

typedef struct reply_log {
    char text[16384];
    size_t len;
    char said[3][4096];                      /* what the events of text, reasoning, refusal add up to */
} reply_log;

static char reply_block[1 << 20];
static llmfi_heap reply_heap;
static llmfi_arena reply_arena;

static void log_add(reply_log *l, const char *format, ...) {
    va_list list;
    int n;
    va_start(list, format);
    n = vsnprintf(l->text + l->len, sizeof l->text - l->len, format, list);
    va_end(list);
    assert_true(n >= 0 && (size_t)n < sizeof l->text - l->len);
    l->len += (size_t)n;
}

static void reply_begin(llmfi_reply *r, bool streamed, const char *provider, const void *user) {
    llmfi_heap_init(&reply_heap, reply_block, sizeof reply_block);
    llmfi_arena_init(&reply_arena, &reply_heap, 0);
    llmfi_reply_init(r, &reply_heap, &reply_arena, llmfi_cstr(provider), user);
    r->streamed = streamed;
    r->status = 200;
}

/* Everything has gone back to the heap. */
static void reply_over(llmfi_reply *r) {
    llmfi_reply_free(r);
    llmfi_arena_free(&reply_arena);
    assert_int_equal(reply_heap.used, 0);
}

LLMFI_UNUSED static void log_event(reply_log *l, const llmf_event *ev) {
    static const char *const names[] = { "", "T", "R", "X", "start", "delta", "call", "usage" };
    log_add(l, "%s", names[ev->type]);
    if (ev->type <= LLMF_EVENT_REFUSAL) {
        size_t at = strlen(l->said[ev->type - 1]);
        assert_true(ev->text.len > 0 && ev->text.len < sizeof l->said[0] - at);
        memcpy(l->said[ev->type - 1] + at, ev->text.ptr, ev->text.len);
        l->said[ev->type - 1][at + ev->text.len] = '\0';
    }
    if (ev->type >= LLMF_EVENT_TOOL_START && ev->type <= LLMF_EVENT_TOOL_CALL) log_add(l, "%d", ev->index);
    if (ev->tool) log_add(l, ":%.*s/%.*s", (int)ev->tool->id.len, ev->tool->id.ptr, (int)ev->tool->name.len, ev->tool->name.ptr);
    if (ev->type == LLMF_EVENT_TOOL_CALL) log_add(l, "%s%.*s", ev->tool->invalid ? "!" : "", (int)ev->tool->arguments.len, ev->tool->arguments.ptr);
    if (ev->text.len) log_add(l, ":%.*s", (int)ev->text.len, ev->text.ptr);
    if (ev->usage)
        log_add(l, ":%d,%d,%d,%d,%d", (int)ev->usage->input, (int)ev->usage->cache_read, (int)ev->usage->cache_write, (int)ev->usage->output, (int)ev->usage->reasoning);
    log_add(l, "|");
}

LLMFI_UNUSED static void log_drain(reply_log *l, llmfi_reply *r) {
    llmf_event ev;
    while (llmfi_reply_next(r, &ev)) log_event(l, &ev);
}

/* The end of the log: " finish/raw" or " error"; and that texts and calls of the response say what the events said. */
LLMFI_UNUSED static void log_end(reply_log *l, llmfi_reply *r) {
    size_t i;
    assert_string_equal(llmfi_reply_text_of(&r->text).ptr, r->discard ? "" : l->said[0]);
    assert_string_equal(llmfi_reply_text_of(&r->reasoning).ptr, r->discard ? "" : l->said[1]);
    assert_string_equal(llmfi_reply_text_of(&r->refusal).ptr, r->discard ? "" : l->said[2]);
    if (r->error.code) log_add(l, " error %d", r->error.code);
    else log_add(l, " %d/%.*s", r->finish, (int)r->finish_raw.len, r->finish_raw.ptr);
    for (i = 0; i < r->citations.len / sizeof(llmf_citation); i++) {
        const llmf_citation *c = (const llmf_citation *)(const void *)r->citations.ptr + i;
        log_add(l, " <%s %s>", c->url.ptr, c->title.ptr);
    }
    assert_true(r->error.code == LLMF_OK || r->error.text[0] != '\0');
}

#endif
