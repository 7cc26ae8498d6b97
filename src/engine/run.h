/* A call whose model calls functions: each turn but the last ends in tool calls; the functions are run inside of llmf_poll, their results are messages more, and the
   model is asked again (steps.h). What the program sees of a turn it has taken before the functions run, so that events come in the order in which things happen. */
#ifndef LLMFI_ENGINE_RUN_H
#define LLMFI_ENGINE_RUN_H
#include "../base/utf8.h"
#include "own.h"
#include "steps.h"

#if LLMF_HAS_RUN

enum { LLMFI_APPROVE_MS = 10 };              /* how often one who has not decided yet is asked again */

enum { LLMFI_USE_NEW, LLMFI_USE_WAITS, LLMFI_USE_DONE };

/* A tool call of the turn, and what has come of it; texts in the run's arena. */
typedef struct llmfi_use {
    llmf_tool_use use;
    const llmf_function *function;           /* NULL: there is none of that name */
    int state;                               /* LLMFI_USE_… */
    bool is_error;
    llmf_str result;
    uint64_t due_ns;                         /* of one that waits, when it has taken too long; 0: never */
} llmfi_use;

struct llmfi_run {
    llmf_request request;                    /* without its messages; copied */
    llmfi_prepared *prepared;                /* counted; NULL: it could not be had */
#if LLMF_HAS_ROUTES
    llmfi_routed *route;
#endif
    const llmf_function *functions;          /* copied */
    llmf_tool *tools;                        /* the same, as a request has them */
    size_t function_count;
    int (*approve)(void *user, const llmf_tool_use *use, llmf_out *reason);
    void *approve_user;
    int64_t max_turns, max_uses, used;       /* used: tool calls before this turn */
    llmfi_buf messages;                      /* of llmf_message: what the request had, and all since */
    llmfi_use *uses;                         /* of this turn */
    size_t use_count;
    size_t told_from, told_turn, to_tell;    /* events of a turn that is over, results and the step's: the message of its calls; how many they are, those handed out too */
    bool open;                               /* the last message has calls without results */
    uint64_t ask_ns;                         /* when `approve` is asked again; 0: it need not be */
};

/* ---- events ---- */

static size_t llmfi_run_to_tell(const llmfi_call *c) {
    return c->steps->run->to_tell;
}

/* Of a turn that is over: its results, and behind them that it is. */
static void llmfi_run_event(llmfi_call *c, llmf_event *ev) {
    const struct llmfi_run *r = c->steps->run;
    const llmf_message *asked = (const llmf_message *)(const void *)r->messages.ptr + r->told_from, *m = asked;
    size_t at = c->steps->told;
    ev->index = (int)r->told_turn;
    if (at + 1 < r->to_tell) {
        m = asked + 1 + at;
        ev->type = LLMF_EVENT_TOOL_RESULT;
        ev->index = (int)at;
        ev->tool = &asked->tool_calls[at];
    }
    ev->text = llmfi_str(m->content ? m->content : "", m->content_len);
}

/* ---- results ---- */

static bool llmfi_run_no_memory(llmfi_call *c) {
    c->steps->arena.failed = false;
    return llmfi_error_memory(&c->reply.error);
}

/* `text`, of which there were `total` bytes, is what the model is told. False: there is no memory for it, and nothing has changed. */
static bool llmfi_use_end(llmfi_call *c, llmfi_use *u, const char *front, llmf_str text, uint64_t total, bool is_error) {
    llmfi_arena *a = &c->steps->arena;
    size_t before = llmfi_strlen(front), room;
    char note[96], *to;
    llmfi_text t = llmfi_text_in(note, sizeof note);
    if (text.len > LLMF_MAX_TOOL_RESULT) text = llmfi_str(text.ptr, LLMF_MAX_TOOL_RESULT);
    if (text.len < total) {
        text = llmfi_utf8_cut(text, text.len - 1); /* not in the middle of a character */
        llmfi_say_c(&t, "\n[cut off here: it had ");
        llmfi_say_int(&t, total < INT64_MAX ? (int64_t)total : INT64_MAX);
        llmfi_say_c(&t, " bytes]");
    }
    room = llmfi_utf8_valid(text, NULL) ? text.len : text.len * 3;
    to = (char *)llmfi_arena_alloc(a, before + room + t.len + 1);
    if (!to) {
        a->failed = false;
        return false;
    }
    memcpy(to, front, before);
    room = before + (text.len ? llmfi_utf8_clean(to + before, text) : 0);
    memcpy(to + room, note, t.len);
    u->result = llmfi_str(to, room + t.len);
    u->is_error = is_error;
    u->state = LLMFI_USE_DONE;
    return true;
}

/* Words of our own to the model. */
static bool llmfi_use_refuse(llmfi_call *c, llmfi_use *u, const char *front, const char *text) {
    return llmfi_use_end(c, u, front, llmfi_cstr(text), llmfi_strlen(text), true);
}

static bool llmfi_run_add(llmfi_call *c, const llmf_message *m) {
    return llmfi_buf_add(&c->steps->run->messages, (const char *)m, sizeof *m) || llmfi_run_no_memory(c);
}

/* All are done: a message for each, in order. False, and as if the turn had not been, where there is no memory. */
static bool llmfi_run_results(llmfi_call *c) {
    struct llmfi_run *r = c->steps->run;
    size_t before = r->messages.len, i;
    for (i = 0; i < r->use_count; i++) {
        const llmfi_use *u = &r->uses[i];
        llmf_message m;
        memset(&m, 0, sizeof m);
        m.role = LLMF_TOOL;
        m.content = u->result.ptr;
        m.content_len = u->result.len;
        m.tool_call_id = u->use.id;
        m.name = u->use.name;
        m.is_error = u->is_error;
        m.state = m.reasoning = llmfi_str("", 0);
        if (llmfi_run_add(c, &m)) continue;
        r->messages.len = before - sizeof m;
        r->open = false;
        return false;
    }
    r->open = false;
    r->used += (int64_t)r->use_count;
    return true;
}

/* Nobody waits for it any more. */
static void llmfi_use_leave(llmfi_call *c, llmfi_use *u) {
    bool calling = c->calling;
    if (u->state != LLMFI_USE_WAITS) return;
    u->state = LLMFI_USE_DONE;
    if (!u->function || !u->function->cancel) return;
    c->calling = true;
    u->function->cancel(u->function->user, &u->use);
    c->calling = calling;
}

/* The run ends: what is under way is left, and the conversation has a result for each call. */
static void llmfi_run_over(llmfi_call *c) {
    struct llmfi_run *r = c->steps->run;
    size_t i;
    if (!r->open) return;
    for (i = 0; i < r->use_count; i++) {
        llmfi_use *u = &r->uses[i];
        if (u->state == LLMFI_USE_DONE) continue;
        llmfi_use_leave(c, u);
        if (!llmfi_use_refuse(c, u, "", "not run: the run has ended")) u->result = LLMFI_LIT("not run");
        u->is_error = true;
    }
    (void)llmfi_run_results(c);
}

static void llmfi_run_settle(llmfi_call *c) {
    struct llmfi_run *r = c->steps->run;
    c->response.messages = (const llmf_message *)(const void *)r->messages.ptr;
    c->response.message_count = r->messages.len / sizeof(llmf_message);
}

/* ---- a turn has been answered ---- */

static const llmf_function *llmfi_run_function(const struct llmfi_run *r, llmf_str name) {
    size_t i;
    for (i = 0; i < r->function_count; i++)
        if (llmfi_eq(llmfi_cstr(r->functions[i].tool.name), name)) return &r->functions[i];
    return NULL;
}

static bool llmfi_run_uses(llmfi_call *c, const llmf_message *m) {
    struct llmfi_run *r = c->steps->run;
    size_t i;
    r->use_count = 0;
    r->uses = m->tool_call_count ? (llmfi_use *)llmfi_arena_array(&c->steps->arena, m->tool_call_count, sizeof *r->uses) : NULL;
    if (m->tool_call_count && !r->uses) return false;
    for (i = 0; i < m->tool_call_count; i++) {
        llmfi_use *u = &r->uses[i];
        u->use.call.id = c->id;
        u->use.id = m->tool_calls[i].id;
        u->use.name = m->tool_calls[i].name;
        u->use.arguments = m->tool_calls[i].arguments;
        u->use.turn = (int)c->steps->now;
        u->use.index = (int)i;
        u->function = llmfi_run_function(r, u->use.name);
        u->result = llmfi_str("", 0);
    }
    r->use_count = m->tool_call_count;
    return true;
}

static bool llmfi_run_limits(llmfi_call *c) {
    const struct llmfi_run *r = c->steps->run;
    if ((int64_t)c->steps->now + 1 >= r->max_turns)
        return llmfi_error_set(&c->reply.error, LLMF_ERR_LIMIT, "the model still calls functions, and the run has had all its turns: raise llmf_run_desc.max_turns, or go on from response.messages");
    if ((int64_t)r->use_count > r->max_uses - r->used)
        return llmfi_error_set(&c->reply.error, LLMF_ERR_LIMIT, "the model calls more functions than llmf_run_desc.max_tool_calls allows: raise it, or go on from response.messages");
    return true;
}

/* The model's answer is a message more. False with the error in the reply. */
static bool llmfi_run_take(llmfi_call *c) {
    struct llmfi_run *r = c->steps->run;
    llmfi_reply *shown = llmfi_shown(c);
    bool refused = c->reply.finish == LLMF_FINISH_REFUSAL || c->reply.finish == LLMF_FINISH_CONTENT_FILTER;
    llmf_str text = llmfi_reply_text_of(&shown->text);
    llmf_message m;
    memset(&m, 0, sizeof m);
    m.role = LLMF_ASSISTANT;
    m.content = text.ptr;
    m.content_len = text.len;
    m.state = llmfi_reply_text_of(&c->reply.state);
    m.reasoning = llmfi_reply_text_of(&shown->reasoning);
    m.tool_call_id = m.name = llmfi_str("", 0);
    if (!refused) { /* what stands behind a refusal is not done */
        m.tool_calls = c->reply.calls;
        m.tool_call_count = c->reply.call_count;
    }
    llmfi_own_message(&c->steps->arena, &m);
    r->use_count = 0;
    if (c->steps->arena.failed || !llmfi_run_uses(c, &m)) return llmfi_run_no_memory(c);
    if (!llmfi_run_add(c, &m)) return false;
    r->open = m.tool_call_count != 0;
    return !r->open || llmfi_run_limits(c);
}

static bool llmfi_run_more(const llmfi_call *c) {
    return c->steps->run->open;
}

/* ---- running the functions ---- */

typedef struct llmfi_written {
    llmfi_buf buf;
    bool failed;                             /* no memory */
} llmfi_written;

/* As much as is kept of it. */
static void llmfi_written_tap(void *user, const char *bytes, size_t len) {
    llmfi_written *w = (llmfi_written *)user;
    size_t room = (size_t)LLMF_MAX_TOOL_RESULT - w->buf.len;
    if (len > room) len = room;
    if (!w->failed && !llmfi_buf_add(&w->buf, bytes, len)) w->failed = true;
}

static LLMFI_COLD bool llmfi_run_stopped(llmfi_call *c, const llmfi_use *u) {
    return llmfi_error_about(&c->reply.error, LLMF_ERR_CANCELLED, "the run was stopped at its function ", llmfi_utf8_cut(u->use.name, 60), "");
}

/* What a hook has returned becomes the result. False with the error in the reply. */
static bool llmfi_use_returned(llmfi_call *c, llmfi_use *u, bool approve, int code, const llmfi_written *w, uint64_t total) {
    llmf_str text = llmfi_buf_str(&w->buf);
    bool ok = true;
    if (w->failed) return llmfi_run_no_memory(c);
    if (u->state == LLMFI_USE_DONE) return code != LLMF_TOOL_STOP || llmfi_run_stopped(c, u); /* llmf_tool_done was called inside */
    switch (code) {
    case LLMF_TOOL_PENDING: u->state = LLMFI_USE_WAITS; break;
    case LLMF_TOOL_OK: ok = llmfi_use_end(c, u, "", text, total, false); break;
    case LLMF_TOOL_STOP:
        if (total) ok = llmfi_use_end(c, u, approve ? "refused: " : "", text, total, approve);
        return ok ? llmfi_run_stopped(c, u) : llmfi_run_no_memory(c);
    case LLMF_TOOL_REFUSE: ok = total ? llmfi_use_end(c, u, "refused: ", text, total, true) : llmfi_use_refuse(c, u, "refused", ""); break;
    default: ok = total ? llmfi_use_end(c, u, "error: ", text, total, true) : llmfi_use_refuse(c, u, "error: ", "the function failed"); break;
    }
    return ok || llmfi_run_no_memory(c);
}

/* One of the program's hooks: `approve`, or the function itself. *code: what it says. False with the error in the reply. */
static bool llmfi_use_call(llmfi_call *c, llmfi_use *u, bool approve, int *code) {
    const struct llmfi_run *r = c->steps->run;
    llmfi_written w;
    llmfi_out out;
    bool ok = true;
    memset(&w, 0, sizeof w);
    llmfi_buf_init(&w.buf, &c->f->heap, 0);
    llmfi_out_count(&out);
    out.tap = llmfi_written_tap;
    out.tap_user = &w;
    c->calling = true;
    if (approve) *code = r->approve(r->approve_user, &u->use, (llmf_out *)(void *)&out);
    else *code = u->function->run ? u->function->run(u->function->user, &u->use, (llmf_out *)(void *)&out) : LLMF_TOOL_PENDING;
    c->calling = false;
    (void)llmfi_now(c->f); /* it may have taken its time */
    if (!approve || *code == LLMF_TOOL_REFUSE || *code == LLMF_TOOL_STOP || w.failed || u->state == LLMFI_USE_DONE) ok = llmfi_use_returned(c, u, approve, *code, &w, out.total);
    llmfi_buf_free(&w.buf);
    return ok;
}

static LLMFI_COLD bool llmfi_use_unknown(llmfi_call *c, llmfi_use *u) {
    const struct llmfi_run *r = c->steps->run;
    char line[512];
    llmfi_text t = llmfi_text_in(line, sizeof line);
    size_t i;
    llmfi_say_c(&t, "there is no function ");
    llmfi_say(&t, llmfi_utf8_cut(u->use.name, 64));
    llmfi_say_c(&t, "; there are: ");
    for (i = 0; i < r->function_count; i++) {
        if (i) llmfi_say_c(&t, ", ");
        llmfi_say_c(&t, r->functions[i].tool.name);
    }
    return llmfi_use_refuse(c, u, "error: ", line) || llmfi_run_no_memory(c);
}

/* Begins one that has not begun. False with the error in the reply. */
static bool llmfi_use_begin(llmfi_call *c, llmfi_use *u) {
    struct llmfi_run *r = c->steps->run;
    llmf_str args = llmfi_trim(u->use.arguments);
    int code = LLMF_TOOL_OK;
    if (!u->function) return llmfi_use_unknown(c, u);
    if (!args.len || args.ptr[0] != '{' || !llmfi_json_valid(args))
        return llmfi_use_refuse(c, u, "error: ", "the arguments are no JSON object; call it again with one that fits its parameters") || llmfi_run_no_memory(c);
    if (r->approve && !llmfi_use_call(c, u, true, &code)) return false;
    if (u->state == LLMFI_USE_DONE || c->stop || c->free_later || c->f->closing) return true;
    if (code == LLMF_TOOL_PENDING) {
        r->ask_ns = llmfi_after_ms(c->f->now_ns, LLMFI_APPROVE_MS);
        return true;
    }
    if (!llmfi_use_call(c, u, false, &code)) return false;
    if (u->state == LLMFI_USE_WAITS && u->function->timeout_ms > 0) u->due_ns = llmfi_after_ms(c->f->now_ns, u->function->timeout_ms);
    return true;
}

/* It has taken longer than it may. */
static bool llmfi_use_late(llmfi_call *c, llmfi_use *u) {
    llmfi_use_leave(c, u);
    return llmfi_use_refuse(c, u, "error: ", "the function has not answered in time") || llmfi_run_no_memory(c);
}

/* Goes through those that are not done. False: the run cannot go on now, with or without an error. */
static bool llmfi_run_each(llmfi_call *c) {
    struct llmfi_run *r = c->steps->run;
    size_t i, left = 0;
    bool ask = r->ask_ns <= c->f->now_ns, begun = false;
    if (ask) r->ask_ns = 0;
    for (i = 0; i < r->use_count; i++) {
        llmfi_use *u = &r->uses[i];
        bool ok = true;
        if (u->state == LLMFI_USE_NEW && ask) {
            if (begun && llmfi_slice_over(&c->f->net)) { /* however short the slice, one is begun */
                c->f->deferred = true;
                return false;
            }
            ok = begun = llmfi_use_begin(c, u);
        } else if (u->state == LLMFI_USE_WAITS && u->due_ns && u->due_ns <= c->f->now_ns) {
            ok = llmfi_use_late(c, u);
        }
        if (c->stop || c->free_later || c->f->closing) {
            c->f->deferred = true;
            return false;
        }
        if (!ok) return false;
        left += u->state != LLMFI_USE_DONE;
    }
    return left == 0;
}

/* Behind a turn: its events, its functions, its results. False: the next turn has to wait, or there is none. */
static bool llmfi_run_work(llmfi_call *c) {
    struct llmfi_run *r = c->steps->run;
    if (llmfi_steps_tell(c) || llmfi_shown(c)->queue.len) { /* the last one is taken once the next is asked for */
        llmfi_set_deadline(c);
        return false;
    }
    if (!llmfi_run_each(c) || !llmfi_run_results(c)) {
        if (c->reply.error.code != LLMF_OK) llmfi_finish(c);
        else llmfi_set_deadline(c);
        return false;
    }
    c->steps->told = 0;
    r->told_turn = c->steps->now;
    r->told_from = r->messages.len / sizeof(llmf_message) - r->use_count - 1;
    r->to_tell = c->quiet ? 0 : r->use_count + 1;
    llmfi_hand_out(c);
    if (c->stop || c->free_later || c->f->closing) {
        c->f->deferred = true;
        return false;
    }
    return true;
}

/* ---- time ---- */

/* The next moment at which something is to be done about functions that wait; UINT64_MAX: none. */
static uint64_t llmfi_run_due_ns(const llmfi_call *c) {
    const struct llmfi_run *r = c->steps->run;
    uint64_t due = r->ask_ns ? r->ask_ns : UINT64_MAX;
    size_t i;
    for (i = 0; i < r->use_count; i++)
        if (r->uses[i].state == LLMFI_USE_WAITS && r->uses[i].due_ns && r->uses[i].due_ns < due) due = r->uses[i].due_ns;
    return due;
}

/* ---- the next turn ---- */

/* The tools that are forced are so in the first turn: else there would be no end. */
static bool llmfi_run_build(llmfi_call *c) {
    struct llmfi_run *r = c->steps->run;
    if (c->steps->now) {
        int64_t total = c->req.timeouts.total_ms;
        if (total > 0 && llmfi_after_ms(c->start_ns, total) <= c->f->now_ns)
            return llmfi_error_set(&c->reply.error, LLMF_ERR_TIMEOUT, "timeout, total (timeouts.total_ms)");
        r->prepared->references++;
        llmfi_prepared_release(&c->f->heap, c->prepared);
        c->prepared = r->prepared;
#if LLMF_HAS_ROUTES
        c->route = r->route;
#endif
    }
    c->req = r->request;
    if (r->messages.len) {
        c->req.messages = (const llmf_message *)(const void *)r->messages.ptr;
        c->req.message_count = r->messages.len / sizeof(llmf_message);
    }
    c->req.tools = r->tools;
    c->req.tool_count = r->function_count;
    if (c->steps->now && c->req.tool_choice && !LLMFI_IS(llmfi_cstr(c->req.tool_choice), "none")) c->req.tool_choice = NULL;
    c->req.flags = (c->req.flags | LLMF_BORROW) & ~(uint32_t)LLMF_DISCARD_TEXT; /* all of it lives as long as the call; its texts are said again */
    c->reply.provider = c->prepared->record.provider->name;
    return llmfi_call_build_on(c);
}

static void llmfi_run_free(llmfi_call *c) {
    struct llmfi_run *r = c->steps->run;
    size_t i;
    c->free_later = true; /* hooks find no call any more */
    for (i = 0; r->open && i < r->use_count; i++) llmfi_use_leave(c, &r->uses[i]);
    if (r->prepared) llmfi_prepared_release(&c->f->heap, r->prepared);
    llmfi_buf_free(&r->messages);
    c->steps->run = NULL; /* it is in the arena */
}

#endif
#endif
