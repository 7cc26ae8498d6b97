/* Runs: a model and the functions that it calls. The public side; what a run does is in engine/run.h. */
#ifndef LLMFI_TASKS_RUN_H
#define LLMFI_TASKS_RUN_H
#include "../engine/models.h"
#include "../engine/own.h"

#if LLMF_HAS_RUN

static LLMFI_COLD bool llmfi_run_bad(llmf_error *err, const char *name, const char *what) {
    llmfi_text t = llmfi_error_begin(err, LLMF_ERR_ARGUMENT);
    LLMFI_SAY(&t, "llmf_run_desc.functions: ");
    llmfi_say(&t, llmfi_utf8_cut(llmfi_cstr(name), 64));
    llmfi_say_c(&t, what);
    return false;
}

/* The functions, copied; `size` bytes each. */
static bool llmfi_run_functions(struct llmfi_steps *s, const llmf_run_desc *run, size_t size, llmf_error *err) {
    llmfi_arena *a = &s->arena;
    size_t n = run->function_count, i, k;
    llmf_function *to;
    if (n && !run->functions) return llmfi_error_set(err, LLMF_ERR_ARGUMENT, "llmf_run_desc.functions is NULL but function_count is not 0");
    to = (llmf_function *)llmfi_arena_array(a, n, sizeof *to);
    s->run->tools = (llmf_tool *)llmfi_arena_array(a, n, sizeof *s->run->tools);
    if (!to || !s->run->tools) return llmfi_error_memory(err);
    for (i = 0; i < n; i++) {
        llmf_tool *tool = &to[i].tool;
        memcpy(&to[i], (const char *)run->functions + i * size, size < sizeof *to ? size : sizeof *to);
        if (!tool->name || !tool->name[0]) return llmfi_run_bad(err, "", "one has no tool.name");
        for (k = 0; k < i; k++)
            if (llmfi_strcmp(to[k].tool.name, tool->name) == 0) return llmfi_run_bad(err, tool->name, " is there twice; give each its own name");
        llmfi_own_cstr(a, &tool->name);
        llmfi_own_cstr(a, &tool->description);
        llmfi_own_cstr(a, &tool->parameters);
        s->run->tools[i] = *tool;
    }
    s->run->functions = to;
    s->run->function_count = n;
    return !a->failed || llmfi_error_memory(err);
}

/* The conversation begins with what the request has; texts that are wrong are found when it is built. */
static bool llmfi_run_messages(struct llmfi_steps *s, llmf_error *err) {
    struct llmfi_run *r = s->run;
    llmf_message m;
    bool ok = true;
    llmfi_own_request(&s->arena, &r->request);
    if (s->arena.failed) return llmfi_error_memory(err);
    if (r->request.prompt && !r->request.message_count) {
        memset(&m, 0, sizeof m);
        m.content = r->request.prompt;
        m.content_len = r->request.prompt_len;
        m.state = m.reasoning = m.tool_call_id = m.name = llmfi_str("", 0);
        ok = llmfi_buf_add(&r->messages, (const char *)&m, sizeof m);
        r->request.prompt = NULL;
    } else if (!r->request.prompt && r->request.messages) {
        ok = llmfi_buf_add(&r->messages, (const char *)r->request.messages, r->request.message_count * sizeof m);
    }
    return ok || llmfi_error_memory(err);
}

static bool llmfi_run_checked(const llmf_run_desc *run, const llmf_request *req, llmf_error *err) {
    if (req->op != LLMF_OP_CHAT) return llmfi_error_set(err, LLMF_ERR_ARGUMENT, "llmf_run_desc.request: must be a chat");
    if (req->tools || req->tool_count) return llmfi_error_set(err, LLMF_ERR_ARGUMENT, "llmf_run_desc.request: has tools; give them as functions");
    if (run->max_turns < 0) return llmfi_error_set(err, LLMF_ERR_ARGUMENT, "llmf_run_desc.max_turns must not be negative (0: the default)");
    if (run->max_tool_calls < 0) return llmfi_error_set(err, LLMF_ERR_ARGUMENT, "llmf_run_desc.max_tool_calls must not be negative (0: the default)");
    return true;
}

/* False with the error in the reply: what was made by then is in c->steps. */
static bool llmfi_run_open(llmfi_call *c, llmf_model m, const llmf_run_desc *run, size_t function_size) {
    llmf_error *err = &c->reply.error;
    struct llmfi_steps *s = llmfi_steps_new(c, err);
    struct llmfi_run *r;
    if (!s) return false;
    r = s->run = (struct llmfi_run *)llmfi_arena_alloc(&s->arena, sizeof *r);
    if (!r) return llmfi_error_memory(err);
    llmfi_buf_init(&r->messages, &c->f->heap, 0);
    r->request = c->req;
    r->approve = run->approve;
    r->approve_user = run->approve_user;
    r->max_turns = run->max_turns ? run->max_turns : LLMF_MAX_TURNS;
    r->max_uses = run->max_tool_calls ? run->max_tool_calls : LLMF_MAX_TOOL_USES;
    if (!llmfi_run_checked(run, &c->req, err) || !llmfi_run_functions(s, run, function_size, err) || !llmfi_run_messages(s, err) || !llmfi_call_prepare(c, m)) return false;
    r->prepared = c->prepared;
    r->prepared->references++;
#if LLMF_HAS_ROUTES
    r->route = c->route;
#endif
    return true;
}

/* NULL: there is no room for one more call, or something is NULL. */
static llmfi_call *llmfi_run_start(llmf_factory *f, llmf_model m, const llmf_run_desc *run, size_t run_size, size_t function_size, size_t req_size, bool waiting) {
    llmf_model none = {0};
    llmf_run_desc given;
    llmfi_call *c;
    memset(&given, 0, sizeof given);
    if (run) memcpy(&given, run, run_size < sizeof given ? run_size : sizeof given);
    if (!given.request) {
        llmfi_error_set(&f->last_error, LLMF_ERR_ARGUMENT, run ? "llmf_run_desc.request is NULL" : "run is NULL");
        return NULL;
    }
    c = llmfi_call_open(f, given.request, req_size);
    if (!c) return NULL;
    c->quiet = waiting && !c->req.on_event;
    (void)llmfi_now(f);
    (void)llmfi_run_open(c, m, &given, function_size);
    llmfi_call_begin(c, none);
    return c;
}

LLMF_API llmf_call llmf_start_run_abi(llmf_factory *f, llmf_model m, const llmf_run_desc *run, size_t run_size, size_t function_size, size_t req_size) {
    llmf_call id = {0};
    int saved = LLMFI_ERRNO;
    llmfi_call *c = f ? llmfi_run_start(f, m, run, run_size, function_size, req_size, false) : NULL;
    if (c) id.id = c->id;
    LLMFI_SET_ERRNO(saved);
    return id;
}

LLMF_API llmf_result llmf_run_abi(llmf_factory *f, llmf_model m, const llmf_run_desc *run, size_t run_size, size_t function_size, size_t req_size, llmf_response *r, size_t r_size) {
    llmf_call id;
    llmfi_call *c;
    if (!f || f->polling) return llmfi_fail_response(NULL, r, r_size, LLMF_ERR_ARGUMENT, f ? "llmf_run inside a callback: use llmf_start_run" : "the factory is NULL");
    c = llmfi_run_start(f, m, run, run_size, function_size, req_size, true);
    if (!c) return llmfi_fail_response(f, r, r_size, LLMF_OK, "");
    id.id = c->id;
    return llmfi_call_wait(f, id, r, r_size);
}

LLMF_API llmf_result llmf_tool_done(llmf_factory *f, llmf_call call, llmf_str id, llmf_str result, int is_error) {
    llmfi_call *c = llmfi_call_of(f, call);
    struct llmfi_run *r;
    size_t i;
    if (!c || c->ended) return LLMF_ERR_STALE;
    r = llmfi_run_waits(c) ? c->steps->run : NULL;
    for (i = 0; r && r->open && i < r->use_count; i++) {
        llmfi_use *u = &r->uses[i];
        if (u->state == LLMFI_USE_DONE || !llmfi_eq(u->use.id, id)) continue;
        if (!llmfi_use_end(c, u, is_error ? "error: " : "", result, result.len, is_error != 0)) {
            llmfi_error_memory(&f->last_error);
            return LLMF_ERR_MEMORY;
        }
        f->deferred = true; /* the run may go on */
        return LLMF_OK;
    }
    llmfi_error_set(&f->last_error, LLMF_ERR_ARGUMENT, "llmf_tool_done: no function of that id is waiting");
    return LLMF_ERR_ARGUMENT;
}

#else

LLMF_API llmf_call llmf_start_run_abi(llmf_factory *f, llmf_model m, const llmf_run_desc *run, size_t run_size, size_t function_size, size_t req_size) {
    llmf_call none = {0};
    (void)m, (void)run, (void)run_size, (void)function_size, (void)req_size;
    if (f) llmfi_error_left_out(&f->last_error, "llmf_start_run", "RUN");
    return none;
}

LLMF_API llmf_result llmf_run_abi(llmf_factory *f, llmf_model m, const llmf_run_desc *run, size_t run_size, size_t function_size, size_t req_size, llmf_response *r, size_t r_size) {
    (void)llmf_start_run_abi(f, m, run, run_size, function_size, req_size);
    return llmfi_fail_response(f, r, r_size, LLMF_ERR_NOT_BUILT, "");
}

LLMF_API llmf_result llmf_tool_done(llmf_factory *f, llmf_call call, llmf_str id, llmf_str result, int is_error) {
    (void)call, (void)id, (void)result, (void)is_error;
    if (f) llmfi_error_left_out(&f->last_error, "llmf_tool_done", "RUN");
    return LLMF_ERR_NOT_BUILT;
}

#endif
#endif
