/* The program's own hooks around every call (llmf_desc.filters): before a request is built, at each piece of text that comes, at the whole of it.
   With hooks for answers a call has a second reply: what comes goes from the first, which the provider fills, through the filters into the second, whose events are
   handed out. So whoever has something to do with the first (the cache) sees what the provider said. */
#ifndef LLMFI_ENGINE_FILTERS_H
#define LLMFI_ENGINE_FILTERS_H
#include "../base/utf8.h"
#include "cache.h"
#include "core.h"

#if LLMF_HAS_FILTERS

typedef struct llmfi_filtering {
    llmfi_reply out;                         /* what is let through; in front: llmfi_call.shown points to it */
    llmfi_buf gathered;                      /* text for the hooks `whole` */
    llmfi_buf written[2];                    /* by the hook that runs, and by the one before */
    int turn;                                /* whose `written` is used next */
    bool whole;                              /* some filter has such a hook */
    bool failed;                             /* a filter has ended the call: nothing more is let through */
    bool usage;                              /* the usage waits behind the text */
    llmfi_buf *held;                         /* two of each filter: text, reasoning. In the same piece of the heap */
} llmfi_filtering;

struct llmf_filter_writer {
    llmfi_call *call;
    const llmf_filter *filter;
    llmfi_buf *to;                           /* what is written; NULL: the hook looks at a request */
    bool wrote, failed;
    bool calling, polling;                   /* as they were before */
    char reason[200];
};

static llmfi_filtering *llmfi_filtering_of(const llmfi_call *c) {
    return llmfi_is_filtered(c) ? (llmfi_filtering *)(void *)c->shown : NULL;
}

/* ---- a hook runs ---- */

/* Whatever it calls of the library is put off, as in a callback. */
static void llmfi_filter_enter(llmf_filter_writer *w, llmfi_call *c, const llmf_filter *filter, llmfi_buf *to) {
    memset(w, 0, sizeof *w);
    w->call = c;
    w->filter = filter;
    w->to = to;
    if (to) to->len = 0;
    w->calling = c->calling;
    w->polling = c->f->polling;
    c->calling = c->f->polling = true;
}

/* "filter NAME: what" ends the call; an error that it has already stays. */
static LLMFI_COLD void llmfi_filter_fail(llmf_filter_writer *w, int code, const char *what) {
    llmfi_text t;
    w->failed = true;
    if (w->call->reply.error.code != LLMF_OK) return;
    t = llmfi_error_begin(&w->call->reply.error, code);
    LLMFI_SAY(&t, "filter");
    if (w->filter->name) llmfi_say_c(&t, " ");
    llmfi_say_c(&t, w->filter->name);
    if (*what) LLMFI_SAY(&t, ": ");
    llmfi_say_c(&t, what);
}

static bool llmfi_filter_no_memory(llmf_filter_writer *w) {
    w->failed = true;
    return w->call->reply.error.code != LLMF_OK ? false : llmfi_error_memory(&w->call->reply.error);
}

/* The hook has given its answer. True: the text goes on. */
static bool llmfi_filter_leave(llmf_filter_writer *w, int answer) {
    w->call->calling = w->calling;
    w->call->f->polling = w->polling;
    if (!w->failed && answer != LLMF_FILTER_PASS) {
        w->call->filter_refused = true;
        llmfi_filter_fail(w, LLMF_ERR_CONTENT_FILTER, w->reason);
    }
    return !w->failed;
}

/* ---- what hooks may do ---- */

static bool llmfi_filter_misused(llmf_filter_writer *w, const char *what) {
    llmfi_filter_fail(w, LLMF_ERR_ARGUMENT, what);
    return false;
}
#if !LLMF_HAS_STRINGS
#define llmfi_filter_misused(w, what) ((void)(what), llmfi_filter_misused((w), ""))
#endif

static bool llmfi_filter_text_ok(llmf_filter_writer *w, llmf_str text) {
    return !text.len || (text.ptr && llmfi_utf8_valid(text, NULL)) || llmfi_filter_misused(w, "what it wrote is not valid UTF-8");
}

LLMF_API bool llmf_filter_write(llmf_filter_writer *w, llmf_str text) {
    if (!w->to) return llmfi_filter_misused(w, "llmf_filter_write is for answers; a request is changed by llmf_filter_message and llmf_filter_system");
    if (!llmfi_filter_text_ok(w, text)) return false;
    w->wrote = true;
    return llmfi_buf_add(w->to, text.ptr, text.len) || llmfi_filter_no_memory(w);
}

/* In the place of a text of the request, which is our own copy of it. */
static bool llmfi_filter_put(llmf_filter_writer *w, llmf_str text, const char **ptr, size_t *len) {
    if (!llmfi_filter_text_ok(w, text)) return false;
    text = llmfi_arena_copy(&w->call->arena, text);
    if (w->call->arena.failed) return llmfi_filter_no_memory(w);
    *ptr = text.ptr;
    *len = text.len;
    return true;
}

/* There are messages to be changed. */
static bool llmfi_filter_talks(const llmf_filter_writer *w) {
    return !w->to && (w->call->req.op == LLMF_OP_CHAT || w->call->req.op == LLMF_OP_COUNT_TOKENS);
}

LLMF_API bool llmf_filter_message(llmf_filter_writer *w, size_t message, size_t part, llmf_str text) {
    llmf_message *m = llmfi_filter_talks(w) && message < w->call->req.message_count ? (llmf_message *)(uintptr_t)&w->call->req.messages[message] : NULL;
    llmf_part *p = m && part && part <= m->part_count ? (llmf_part *)(uintptr_t)&m->parts[part - 1] : NULL;
    if (m && !part) return llmfi_filter_put(w, text, &m->content, &m->content_len);
    if (p && p->type == LLMF_PART_TEXT) return llmfi_filter_put(w, text, &p->text, &p->text_len);
    return llmfi_filter_misused(w, "llmf_filter_message: there is no such text in this request");
}

LLMF_API bool llmf_filter_system(llmf_filter_writer *w, llmf_str text) {
    if (!llmfi_filter_talks(w)) return llmfi_filter_misused(w, "llmf_filter_system: there is no system prompt here");
    return llmfi_filter_put(w, text, &w->call->req.system, &w->call->req.system_len);
}

LLMF_API void llmf_filter_reason(llmf_filter_writer *w, const char *reason) {
    llmfi_text t = llmfi_text_in(w->reason, sizeof w->reason);
    llmfi_say_c(&t, reason);
}

/* ---- the request ---- */

/* The second reply, where some filter looks at answers. */
static bool llmfi_filters_open(llmfi_call *c) {
    size_t i, n = c->f->desc.filter_count;
    bool whole = false, wanted = false;
    llmfi_filtering *s;
    for (i = 0; i < n; i++) {
        whole = whole || c->f->desc.filters[i].whole;
        wanted = wanted || c->f->desc.filters[i].piece;
    }
    if (c->previewing || (!wanted && !whole)) return true;
    s = n < 65536 ? (llmfi_filtering *)llmfi_heap_alloc(&c->f->heap, sizeof *s + 2 * n * sizeof *s->held) : NULL;
    if (!s) return llmfi_error_memory(&c->reply.error);
    memset(s, 0, sizeof *s);
    llmfi_reply_init(&s->out, &c->f->heap, &c->arena, c->reply.provider, NULL);
    s->out.discard = c->reply.discard;
    s->whole = whole;
    s->held = (llmfi_buf *)(void *)(s + 1);
    for (i = 0; i < 2 * n; i++) llmfi_buf_init(&s->held[i], &c->f->heap, 0);
    for (i = 0; i < 2; i++) llmfi_buf_init(&s->written[i], &c->f->heap, 0);
    llmfi_buf_init(&s->gathered, &c->f->heap, 0);
    c->shown = &s->out;
    return true;
}

/* Once a call, when its request has been checked and before it is built. False with the error in the reply. */
static bool llmfi_filters_before(llmfi_call *c) {
    const llmf_desc *d = &c->f->desc;
    size_t i;
    if (!d->filter_count || c->filtered) return true;
    c->filtered = true;
    for (i = 0; i < d->filter_count; i++) {
        const llmf_filter *filter = &d->filters[i];
        llmf_filter_writer w;
        if (!filter->before) continue;
        llmfi_filter_enter(&w, c, filter, NULL);
        if (!llmfi_filter_leave(&w, filter->before(filter->user, &w, &c->req))) return false;
    }
    return llmfi_filters_open(c);
}

/* ---- the answer ---- */

/* It has come through. */
static void llmfi_filters_give(llmfi_call *c, int type, llmf_str text) {
    llmfi_filtering *s = llmfi_filtering_of(c);
    if (type == LLMF_EVENT_REASONING) llmfi_reply_reasoning(&s->out, text);
    else if (!s->whole) llmfi_reply_text(&s->out, text);
    else if (!llmfi_buf_add(&s->gathered, text.ptr, text.len)) llmfi_reply_no_memory(&s->out);
}

static llmf_event llmfi_filter_event(const llmfi_call *c, int type, llmf_str text) {
    llmf_event ev;
    memset(&ev, 0, sizeof ev);
    ev.type = type;
    ev.call.id = c->id;
    ev.text = text;
    return ev;
}

/* One filter looks at a piece, behind what it holds. True: *text goes on, as it is now. */
static bool llmfi_filter_piece(llmfi_call *c, size_t at, int type, llmf_str *text, bool last) {
    llmfi_filtering *s = llmfi_filtering_of(c);
    const llmf_filter *filter = &c->f->desc.filters[at];
    llmfi_buf *held = &s->held[2 * at + (type == LLMF_EVENT_REASONING)], *to = &s->written[s->turn];
    llmf_filter_writer w;
    llmf_event ev;
    int answer;
    llmfi_filter_enter(&w, c, filter, to);
    s->turn = !s->turn;
    if (held->len && !llmfi_buf_add(held, text->ptr, text->len)) llmfi_filter_no_memory(&w);
    if (held->len) *text = llmfi_buf_str(held);
    ev = llmfi_filter_event(c, type, *text);
    answer = w.failed ? LLMF_FILTER_STOP : filter->piece(filter->user, &w, &ev, last);
    if (answer == LLMF_FILTER_HOLD && last) llmfi_filter_misused(&w, "it still holds text back at the end of the reply");
    if (answer == LLMF_FILTER_HOLD && !w.failed) {
        if (!held->len && !llmfi_buf_add(held, text->ptr, text->len)) llmfi_filter_no_memory(&w);
        s->failed = !llmfi_filter_leave(&w, LLMF_FILTER_PASS);
        return false;
    }
    s->failed = !llmfi_filter_leave(&w, answer);
    held->len = 0; /* its bytes stay until it holds the next */
    if (w.wrote) *text = llmfi_buf_str(to);
    return !s->failed && text->len;
}

/* Through the filters before `from`, the last of them first. */
static void llmfi_filters_piece(llmfi_call *c, size_t from, int type, llmf_str text, bool last) {
    for (; from-- > 0; last = false) {
        if (!c->f->desc.filters[from].piece) continue;
        if (!llmfi_filter_piece(c, from, type, &text, last)) return;
    }
    llmfi_filters_give(c, type, text);
}

/* A tool call goes past them: the second reply has it too. Ids and names are in the call's arena, which both share. */
static void llmfi_filters_tool(llmfi_reply *out, const llmf_event *ev) {
    llmfi_tool_state *t;
    while (llmfi_reply_tool_count(out) <= ev->index)
        if (llmfi_reply_tool_begin(out, -1, llmfi_str("", 0), llmfi_str("", 0)) < 0) return;
    t = llmfi_reply_tool(out, ev->index);
    if (ev->tool) {
        t->id = ev->tool->id;
        t->name = ev->tool->name;
    }
    if (ev->type == LLMF_EVENT_TOOL_START) llmfi_reply_tool_start(out, ev->index);
    else if (ev->type == LLMF_EVENT_TOOL_DELTA) llmfi_reply_tool_args(out, ev->index, ev->text);
    else llmfi_reply_tool_end(out, ev->index);
}

/* What went wrong with the second reply is the call's error. */
static void llmfi_filters_tell(llmfi_call *c) {
    if (c->shown->error.code != LLMF_OK && c->reply.error.code == LLMF_OK) c->reply.error = c->shown->error;
}

/* What has come goes through. */
static void llmfi_filters_run(llmfi_call *c) {
    llmfi_filtering *s = llmfi_filtering_of(c);
    llmf_event ev;
    if (!llmfi_reply_count(&c->reply)) return;
    c->content_ns = c->f->now_ns;
    c->reply.discard = true;
#if LLMF_HAS_CACHE
    if (c->cache && c->cache->write) c->reply.discard = false;
#endif
    while (!s->failed && llmfi_reply_next(&c->reply, &ev)) {
        if (ev.type <= LLMF_EVENT_REASONING) llmfi_filters_piece(c, c->f->desc.filter_count, ev.type, ev.text, false);
        else if (ev.type == LLMF_EVENT_REFUSAL) llmfi_reply_refusal(&s->out, ev.text);
        else if (ev.type == LLMF_EVENT_USAGE) s->usage = true;
        else llmfi_filters_tool(&s->out, &ev);
        if (s->out.error.code != LLMF_OK) s->failed = true;
    }
    llmfi_reply_release_events(&c->reply);
    llmfi_filters_tell(c);
}

/* What they hold must be let go. */
static void llmfi_filters_let_go(llmfi_call *c) {
    static const int types[] = {LLMF_EVENT_REASONING, LLMF_EVENT_TEXT};
    llmfi_filtering *s = llmfi_filtering_of(c);
    size_t i, k;
    for (k = 0; k < 2; k++)
        for (i = c->f->desc.filter_count; i-- > 0 && !s->failed;)
            if (s->held[2 * i + (types[k] == LLMF_EVENT_REASONING)].len) llmfi_filters_piece(c, i + 1, types[k], llmfi_str("", 0), true);
}

/* The hooks that see all of the text. */
static void llmfi_filters_whole(llmfi_call *c) {
    llmfi_filtering *s = llmfi_filtering_of(c);
    llmf_str text = llmfi_buf_str(&s->gathered);
    size_t i;
    for (i = c->f->desc.filter_count; i-- > 0 && !s->failed && text.len;) {
        const llmf_filter *filter = &c->f->desc.filters[i];
        llmf_event ev = llmfi_filter_event(c, LLMF_EVENT_TEXT, text);
        llmfi_buf *to = &s->written[s->turn];
        llmf_filter_writer w;
        if (!filter->whole) continue;
        s->turn = !s->turn;
        llmfi_filter_enter(&w, c, filter, to);
        s->failed = !llmfi_filter_leave(&w, filter->whole(filter->user, &w, &ev));
        if (w.wrote) text = llmfi_buf_str(to);
    }
    if (!s->failed) llmfi_reply_text(&s->out, text);
}

static void llmfi_filters_forget(llmfi_call *c) {
    llmfi_filtering *s = llmfi_filtering_of(c);
    size_t i;
    for (i = 0; i < 2 * c->f->desc.filter_count; i++) llmfi_buf_free(&s->held[i]);
    for (i = 0; i < 2; i++) llmfi_buf_free(&s->written[i]);
    llmfi_buf_free(&s->gathered);
}

/* The call is over, and not yet settled. What is held of a call that failed is dropped. */
static void llmfi_filters_end(llmfi_call *c) {
    llmfi_filtering *s = llmfi_filtering_of(c);
    llmfi_filters_run(c);
    if (c->reply.error.code == LLMF_OK) llmfi_filters_let_go(c);
    if (c->reply.error.code == LLMF_OK) llmfi_filters_whole(c);
    s->out.usage = c->reply.usage;
    if (c->reply.error.code == LLMF_OK && s->usage) llmfi_reply_push(&s->out, LLMF_EVENT_USAGE, 0, 0, 0);
    llmfi_filters_tell(c);
    if (c->reply.error.code != LLMF_OK) c->reply.finish = LLMF_FINISH_NONE;
    llmfi_filters_forget(c);
}

static void llmfi_filters_free(llmfi_call *c) {
    llmfi_filtering *s = llmfi_filtering_of(c);
    if (!s) return;
    llmfi_filters_forget(c);
    llmfi_reply_free(&s->out);
    llmfi_heap_free(&c->f->heap, s);
    c->shown = &c->reply;
}

#else

#define llmfi_filters_before(c) true

/* No hook runs in this build, so there is no writer. */
LLMF_API bool llmf_filter_write(llmf_filter_writer *w, llmf_str text) {
    (void)w, (void)text;
    return false;
}

LLMF_API bool llmf_filter_message(llmf_filter_writer *w, size_t message, size_t part, llmf_str text) {
    (void)w, (void)message, (void)part, (void)text;
    return false;
}

LLMF_API bool llmf_filter_system(llmf_filter_writer *w, llmf_str text) {
    (void)w, (void)text;
    return false;
}

LLMF_API void llmf_filter_reason(llmf_filter_writer *w, const char *reason) {
    (void)w, (void)reason;
}

#endif
#endif
