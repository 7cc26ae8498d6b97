/* Prompts with their holes filled, and chains of them: the public side. What a chain does when it runs is in engine/steps.h. */
#ifndef LLMFI_TASKS_PROMPTS_H
#define LLMFI_TASKS_PROMPTS_H
#include "../engine/models.h"

#if LLMF_HAS_PROMPTS

/* ---- prompts ---- */

static LLMFI_COLD bool llmfi_unknown_recipe(const llmfi_recipe *list, const char *what, llmf_str name, llmf_error *err) {
    llmfi_text t = llmfi_error_begin(err, LLMF_ERR_ARGUMENT);
    LLMFI_SAY(&t, "unknown ");
    llmfi_say_c(&t, what);
    LLMFI_SAY(&t, " ");
    llmfi_say(&t, llmfi_utf8_cut(name, 100));
    llmfi_recipe_near(list, name, &t, "; the config must have it");
    return false;
}

static bool llmfi_vars_ok(const llmf_var *vars, size_t count, llmf_error *err) {
    return vars || !count || llmfi_error_set(err, LLMF_ERR_ARGUMENT, "vars is NULL but var_count is not 0");
}

/* The arena is a piece of its own: *p may be copied about. */
static bool llmfi_render_into(llmf_factory *f, const llmfi_recipe *prompt, const llmfi_scope *scope, llmf_rendered *p, llmf_error *err) {
    llmfi_arena *a = (llmfi_arena *)llmfi_heap_alloc(&f->heap, sizeof *a);
    if (!a) return llmfi_error_memory(err);
    llmfi_arena_init(a, &f->heap, 0);
    if (llmfi_render(scope, prompt, a, false, &p->request, err)) {
        p->model = prompt ? llmfi_arena_copy(a, llmfi_entry_text(prompt->node, "model")) : llmfi_str("", 0);
        p->memory = a;
        if (!a->failed) return true;
        llmfi_error_memory(err);
    }
    llmfi_arena_free(a);
    llmfi_heap_free(&f->heap, a);
    return false;
}

static bool llmfi_render_named(llmf_factory *f, const char *name, const llmf_var *vars, size_t var_count, llmf_rendered *p, llmf_error *err) {
    const llmfi_recipe *prompt = NULL;
    llmfi_scope scope;
    if (!f) return llmfi_error_set(err, LLMF_ERR_ARGUMENT, "the factory is NULL");
    if (!llmfi_vars_ok(vars, var_count, err)) return false;
    if (!name && !p->request.prompt && !p->request.system && !p->request.message_count)
        return llmfi_error_set(err, LLMF_ERR_ARGUMENT, "llmf_render: name is NULL, and the request has no texts; give one of them");
    if (name) prompt = llmfi_recipe_find(f->config->prompts, llmfi_cstr(name));
    if (name && !prompt) return llmfi_unknown_recipe(f->config->prompts, "prompt", llmfi_cstr(name), err);
    memset(&scope, 0, sizeof scope);
    scope.vars = vars;
    scope.var_count = var_count;
    return llmfi_render_into(f, prompt, &scope, p, err);
}

LLMF_API llmf_result llmf_render_abi(llmf_factory *f, const char *name, const llmf_request *with, size_t with_size, const llmf_var *vars, size_t var_count, llmf_rendered *p, size_t p_size, llmf_error *err) {
    llmf_rendered made;
    llmf_error why;
    memset(&made, 0, sizeof made);
    llmfi_error_clear(&why);
    if (with) memcpy(&made.request, with, with_size < sizeof made.request ? with_size : sizeof made.request);
    made.model = llmfi_str("", 0);
    if (!p) llmfi_error_set(&why, LLMF_ERR_ARGUMENT, "llmf_render: p is NULL");
    else if (!llmfi_render_named(f, name, vars, var_count, &made, &why)) memset(&made, 0, sizeof made);
    if (p && why.code != LLMF_OK) made.model = llmfi_str("", 0);
    if (p) memcpy(p, &made, p_size < sizeof made ? p_size : sizeof made);
    if (f && why.code != LLMF_OK) f->last_error = why;
    if (err) *err = why;
    return (llmf_result)why.code;
}

LLMF_API void llmf_render_free(llmf_factory *f, llmf_rendered *p) {
    llmfi_arena *a = p ? (llmfi_arena *)p->memory : NULL;
    if (!f || !a) return;
    llmfi_arena_free(a);
    llmfi_heap_free(&f->heap, a);
    p->memory = NULL;
    p->model = llmfi_str("", 0);
    p->request.messages = NULL; /* the texts are gone */
    p->request.message_count = 0;
    p->request.prompt = p->request.system = NULL;
}

/* ---- what a chain is given, copied ---- */

static void llmfi_own_cstr(llmfi_arena *a, const char **text) {
    if (*text) *text = llmfi_arena_copy(a, llmfi_cstr(*text)).ptr;
}

static void llmfi_own_text(llmfi_arena *a, const char **text, size_t len) {
    if (*text) *text = llmfi_arena_copy(a, llmfi_str(*text, len ? len : llmfi_strlen(*text))).ptr;
}

static void llmfi_own_str(llmfi_arena *a, llmf_str *s) {
    *s = s->ptr && s->len ? llmfi_arena_copy(a, *s) : llmfi_str("", 0);
}

/* `count` things of `size` bytes, copied; the count becomes 0 where there is no memory. */
static void *llmfi_own_array(llmfi_arena *a, const void *from, size_t *count, size_t size) {
    void *to = from && *count ? llmfi_arena_array(a, *count, size) : NULL;
    if (to) memcpy(to, from, *count * size);
    else if (from) *count = 0;
    return to;
}

static void llmfi_own_message(llmfi_arena *a, llmf_message *m) {
    llmf_tool_call *calls = (llmf_tool_call *)llmfi_own_array(a, m->tool_calls, &m->tool_call_count, sizeof *calls);
    llmf_part *parts = (llmf_part *)llmfi_own_array(a, m->parts, &m->part_count, sizeof *parts);
    size_t i;
    m->tool_calls = calls;
    m->parts = parts;
    llmfi_own_text(a, &m->content, m->content_len);
    llmfi_own_str(a, &m->state);
    llmfi_own_str(a, &m->reasoning);
    llmfi_own_str(a, &m->tool_call_id);
    llmfi_own_str(a, &m->name);
    for (i = 0; calls && i < m->tool_call_count; i++) {
        llmfi_own_str(a, &calls[i].id);
        llmfi_own_str(a, &calls[i].name);
        llmfi_own_str(a, &calls[i].arguments);
    }
    for (i = 0; parts && i < m->part_count; i++) {
        llmfi_own_text(a, &parts[i].text, parts[i].text_len);
        llmfi_own_cstr(a, &parts[i].path);
        llmfi_own_cstr(a, &parts[i].url);
        llmfi_own_cstr(a, &parts[i].media_type);
        llmfi_own_cstr(a, &parts[i].name);
        llmfi_own_cstr(a, &parts[i].detail);
    }
}

/* Everything but the bytes of media. Look at the arena's `failed` behind it. */
static void llmfi_own_request(llmfi_arena *a, llmf_request *r) {
    llmf_message *messages = (llmf_message *)llmfi_own_array(a, r->messages, &r->message_count, sizeof *messages);
    llmf_tool *tools = (llmf_tool *)llmfi_own_array(a, r->tools, &r->tool_count, sizeof *tools);
    const char **stop = (const char **)llmfi_own_array(a, r->stop, &r->stop_count, sizeof *stop);
    size_t i;
    if (r->fallbacks) r->fallbacks = (const llmf_model *)llmfi_own_array(a, r->fallbacks, &r->fallback_count, sizeof *r->fallbacks);
    r->messages = messages;
    r->tools = tools;
    r->stop = stop;
    llmfi_own_text(a, &r->prompt, r->prompt_len);
    llmfi_own_text(a, &r->system, r->system_len);
    llmfi_own_cstr(a, &r->tool_choice);
    llmfi_own_cstr(a, &r->format);
    llmfi_own_cstr(a, &r->reasoning);
    llmfi_own_cstr(a, &r->user);
    llmfi_own_cstr(a, &r->extra);
    llmfi_own_cstr(a, &r->trace_parent);
    for (i = 0; messages && i < r->message_count; i++) llmfi_own_message(a, &messages[i]);
    for (i = 0; stop && i < r->stop_count; i++) llmfi_own_cstr(a, &stop[i]);
    for (i = 0; tools && i < r->tool_count; i++) {
        llmfi_own_cstr(a, &tools[i].name);
        llmfi_own_cstr(a, &tools[i].description);
        llmfi_own_cstr(a, &tools[i].parameters);
    }
}

/* What the step's request does not say the chain's does; what is of the call as a whole is the chain's alone. */
static void llmfi_lay_request(llmf_request *r, const llmf_request *chain) {
    llmf_request own = *r;
    *r = *chain;
    r->prompt = own.prompt;
    r->prompt_len = own.prompt_len;
    r->system = own.system;
    r->system_len = own.system_len;
    r->messages = own.messages;
    r->message_count = own.message_count;
    if (own.tool_count) {
        r->tools = own.tools;
        r->tool_count = own.tool_count;
    }
    if (own.stop_count) {
        r->stop = own.stop;
        r->stop_count = own.stop_count;
    }
    if (own.fallback_count) {
        r->fallbacks = own.fallbacks;
        r->fallback_count = own.fallback_count;
    }
    if (own.use_seed) {
        r->seed = own.seed;
        r->use_seed = true;
    }
    if (own.tool_choice) r->tool_choice = own.tool_choice;
    if (own.parallel_tool_calls) r->parallel_tool_calls = own.parallel_tool_calls;
    if (own.format) r->format = own.format;
    if (own.temperature != 0) r->temperature = own.temperature;
    if (own.top_p != 0) r->top_p = own.top_p;
    if (own.max_tokens) r->max_tokens = own.max_tokens;
    if (own.reasoning) r->reasoning = own.reasoning;
    if (own.cache) r->cache = true;
    if (own.user) r->user = own.user;
    if (own.extra) r->extra = own.extra;
    if (own.max_retries) r->max_retries = own.max_retries;
    if (own.response_cache) r->response_cache = own.response_cache;
}

/* ---- the steps ---- */

/* One step being made ready. */
typedef struct llmfi_step_source {
    llmf_str prompt, model, parse, as;       /* empty: not said */
    const llmf_request *request;             /* NULL */
    const llmfi_node *text;                  /* of the config, instead of a prompt; NULL */
} llmfi_step_source;

/* A template that stands in the config's chain itself, as a prompt without a name. */
static const llmfi_recipe *llmfi_step_text(struct llmfi_steps *s, const llmfi_node *text, llmf_str file) {
    llmfi_recipe *p = (llmfi_recipe *)llmfi_arena_alloc(&s->arena, sizeof *p);
    llmfi_node *object = (llmfi_node *)llmfi_arena_alloc(&s->arena, sizeof *object), *user = (llmfi_node *)llmfi_arena_alloc(&s->arena, sizeof *user);
    if (!p || !object || !user) return NULL;
    *user = *text;
    user->key = LLMFI_LIT("user");
    user->next = NULL;
    object->type = LLMFI_OBJECT;
    object->child = user;
    object->count = 1;
    p->name = llmfi_str("", 0);
    p->file = file;
    p->node = object;
    return p;
}

static bool llmfi_step_model(llmfi_call *c, llmfi_step *step, llmf_str name, llmf_error *err) {
    llmf_factory *f = c->f;
    llmf_str kept = name;
    llmf_model m;
    uint32_t at;
    if (!kept.len && step->prompt) kept = llmfi_entry_text(step->prompt->node, "model");
    m = llmf_get(f, kept.len ? kept.ptr : NULL, err);
    at = m.id ? llmfi_handle_at(&f->handles, m) : 0;
    step->prepared = at ? llmfi_handle_use(&f->handles, f->config, at, err) : NULL;
    if (!step->prepared) return false;
    step->prepared->references++;
#if LLMF_HAS_ROUTES
    step->route = llmfi_handle_slot(&f->handles, at)->route;
#endif
    return true;
}

/* All of it is looked up before anything is sent; `s->count` steps have been made. */
static bool llmfi_step_make(llmfi_call *c, const llmfi_step_source *from, llmf_str file, size_t req_size, llmf_error *err) {
    struct llmfi_steps *s = c->steps;
    llmfi_step *step = &s->at[s->count];
    llmfi_scope scope;
    llmf_request dry;
    size_t i;
    s->outputs[s->count].name = step->as = from->as.len ? llmfi_arena_copy(&s->arena, from->as) : llmfi_str("", 0);
    s->outputs[s->count].text = llmfi_str("", 0);
    s->now = s->count++;
    if (from->request) memcpy(&step->request, from->request, req_size < sizeof step->request ? req_size : sizeof step->request);
    llmfi_lay_request(&step->request, &c->req);
    llmfi_own_request(&s->arena, &step->request);
    if (from->text) step->prompt = llmfi_step_text(s, from->text, file);
    if (s->arena.failed) return llmfi_error_memory(err);
    step->parse = from->parse.len ? llmfi_word_in(llmfi_parse_words, from->parse) : LLMFI_PARSE_TEXT;
    if (step->parse < 0) return llmfi_error_about(err, LLMF_ERR_ARGUMENT, "llmf_step.parse must be text, json or lines, not ", llmfi_utf8_cut(from->parse, 40), "");
    if (from->as.len && (!llmfi_template_name_ok(from->as) || LLMFI_IS(from->as, "previous")))
        return llmfi_error_set(err, LLMF_ERR_ARGUMENT, "llmf_step.as must be a name of letters, digits, _ and - that begins with a letter or _, and not previous");
    for (i = 0; from->as.len && i < s->now; i++)
        if (llmfi_eq(s->at[i].as, from->as)) return llmfi_error_set(err, LLMF_ERR_ARGUMENT, "llmf_step.as is the name of an earlier step too; give each its own");
    if (from->prompt.len) step->prompt = llmfi_recipe_find(s->config->prompts, from->prompt);
    if (from->prompt.len && !step->prompt) return llmfi_unknown_recipe(s->config->prompts, "prompt", from->prompt, err);
    if (!step->prompt && !step->request.prompt && !step->request.message_count)
        return llmfi_error_set(err, LLMF_ERR_ARGUMENT, "llmf_step has neither prompt nor a request with texts; give one of them");
    if (!llmfi_step_model(c, step, from->model, err)) return false;
    memset(&scope, 0, sizeof scope);
    scope.outputs = s->outputs;
    scope.output_count = s->now;
    scope.vars = s->vars;
    scope.var_count = s->var_count;
    dry = step->request;
    return llmfi_render(&scope, step->prompt, &s->filled, true, &dry, err);
}

static bool llmfi_steps_room(llmfi_call *c, size_t count, llmf_error *err) {
    struct llmfi_steps *s = c->steps;
    if (!count) return llmfi_error_set(err, LLMF_ERR_ARGUMENT, "llmf_chain: has neither name nor steps; give one of them");
    if (count > LLMF_MAX_CHAIN) return llmfi_error_set(err, LLMF_ERR_LIMIT, "llmf_chain: has more steps than LLMF_MAX_CHAIN; make two of it, or raise that");
    s->at = (llmfi_step *)llmfi_arena_array(&s->arena, count, sizeof *s->at);
    s->outputs = (llmfi_output *)llmfi_arena_array(&s->arena, count, sizeof *s->outputs);
    return (s->at && s->outputs) || llmfi_error_memory(err);
}

static bool llmfi_steps_of_config(llmfi_call *c, const llmfi_recipe *chain, llmf_error *err) {
    const llmfi_node *n;
    if (!llmfi_steps_room(c, chain->node->count, err)) return false;
    for (n = chain->node->child; n; n = n->next) {
        llmfi_step_source from;
        memset(&from, 0, sizeof from);
        from.prompt = llmfi_entry_text(n, "prompt");
        from.model = llmfi_entry_text(n, "model");
        from.parse = llmfi_entry_text(n, "parse");
        from.as = llmfi_entry_text(n, "as");
        from.text = llmfi_member(n, LLMFI_LIT("text"));
        if (from.text && from.text->type != LLMFI_STRING) from.text = NULL;
        if (!llmfi_step_make(c, &from, chain->file, 0, err)) return false;
    }
    return true;
}

static bool llmfi_steps_of_code(llmfi_call *c, const llmf_chain *chain, size_t req_size, llmf_error *err) {
    size_t i;
    if (chain->step_count && !chain->steps) return llmfi_error_set(err, LLMF_ERR_ARGUMENT, "llmf_chain.steps is NULL but step_count is not 0");
    if (!llmfi_steps_room(c, chain->step_count, err)) return false;
    for (i = 0; i < chain->step_count; i++) {
        const llmf_step *step = &chain->steps[i];
        llmfi_step_source from;
        memset(&from, 0, sizeof from);
        from.prompt = llmfi_cstr(step->prompt);
        from.model = llmfi_cstr(step->model);
        from.parse = llmfi_cstr(step->parse);
        from.as = llmfi_cstr(step->as);
        from.request = step->request;
        if (!llmfi_step_make(c, &from, llmfi_str("", 0), req_size, err)) return false;
    }
    return true;
}

static bool llmfi_steps_vars(struct llmfi_steps *s, const llmf_chain *chain, llmf_error *err) {
    size_t count = chain->var_count, i;
    llmf_var *vars;
    if (!llmfi_vars_ok(chain->vars, count, err)) return false;
    vars = (llmf_var *)llmfi_own_array(&s->arena, chain->vars, &count, sizeof *vars);
    for (i = 0; i < count; i++) {
        llmfi_own_cstr(&s->arena, &vars[i].name);
        llmfi_own_str(&s->arena, &vars[i].value);
    }
    s->vars = vars;
    s->var_count = count;
    return !s->arena.failed || llmfi_error_memory(err);
}

/* c->steps is cleared. */
static void llmfi_steps_begin(llmfi_call *c) {
    struct llmfi_steps *s = c->steps;
    llmfi_arena_init(&s->arena, &c->f->heap, 0);
    llmfi_arena_init(&s->filled, &c->f->heap, 0);
    s->config = c->f->config;
    llmfi_config_hold(s->config);
    s->name = llmfi_str("", 0);
    s->usage.input = s->usage.cache_read = s->usage.cache_write = s->usage.output = s->usage.reasoning = s->cost = LLMF_UNKNOWN;
}

/* False with *err: what was made by then is in c->steps. */
static bool llmfi_steps_open(llmfi_call *c, const llmf_chain *chain, size_t req_size, llmf_error *err) {
    const llmfi_recipe *named = NULL;
    struct llmfi_steps *s = (struct llmfi_steps *)llmfi_heap_alloc(&c->f->heap, sizeof *s);
    bool ok;
    if (!s) return llmfi_error_memory(err);
    memset(s, 0, sizeof *s);
    c->steps = s;
    llmfi_steps_begin(c);
    if (c->req.op != LLMF_OP_CHAT || c->req.prompt || c->req.system || c->req.message_count)
        return llmfi_error_set(err, LLMF_ERR_ARGUMENT, "llmf_chain.request: must be a chat without texts; the steps have them");
    if (chain->name && chain->step_count) return llmfi_error_set(err, LLMF_ERR_ARGUMENT, "llmf_chain: has both name and steps; give one of them");
    if (!llmfi_steps_vars(s, chain, err)) return false;
    if (chain->name) named = llmfi_recipe_find(s->config->chains, llmfi_cstr(chain->name));
    if (chain->name && !named) return llmfi_unknown_recipe(s->config->chains, "chain", llmfi_cstr(chain->name), err);
    if (named) s->name = named->name;
    ok = named ? llmfi_steps_of_config(c, named, err) : llmfi_steps_of_code(c, chain, req_size, err);
    if (!ok) return false; /* `now` is the step that is wrong */
    s->now = 0;
    llmfi_arena_free(&s->filled);
    return true;
}

LLMF_API llmf_call llmf_start_chain_abi(llmf_factory *f, const llmf_chain *chain, size_t chain_size, size_t req_size) {
    llmf_call id = {0};
    llmf_model none = {0};
    llmf_chain given;
    llmf_request req;
    llmf_error err;
    llmfi_call *c;
    int saved = LLMFI_ERRNO;
    memset(&given, 0, sizeof given);
    memset(&req, 0, sizeof req);
    llmfi_error_clear(&err);
    if (!f) return id;
    if (!chain) {
        llmfi_error_set(&f->last_error, LLMF_ERR_ARGUMENT, "chain is NULL");
        return id;
    }
    memcpy(&given, chain, chain_size < sizeof given ? chain_size : sizeof given);
    if (given.request) memcpy(&req, given.request, req_size < sizeof req ? req_size : sizeof req);
    c = llmfi_call_open(f, &req, sizeof req);
    if (!c) return id;
    id.id = c->id;
    (void)llmfi_now(f);
    if (!llmfi_steps_open(c, &given, req_size, &err)) c->reply.error = err;
    llmfi_call_begin(c, none);
    LLMFI_SET_ERRNO(saved);
    return id;
}

#else

LLMF_API llmf_result llmf_render_abi(llmf_factory *f, const char *name, const llmf_request *with, size_t with_size, const llmf_var *vars, size_t var_count, llmf_rendered *p, size_t p_size, llmf_error *err) {
    llmf_error local;
    (void)name, (void)with, (void)with_size, (void)vars, (void)var_count;
    if (!err) err = f ? &f->last_error : &local;
    llmfi_error_left_out(err, "llmf_render", "PROMPTS");
    if (p) memset(p, 0, p_size);
    return LLMF_ERR_NOT_BUILT;
}

LLMF_API void llmf_render_free(llmf_factory *f, llmf_rendered *p) {
    (void)f, (void)p;
}

LLMF_API llmf_call llmf_start_chain_abi(llmf_factory *f, const llmf_chain *chain, size_t chain_size, size_t req_size) {
    llmf_call none = {0};
    (void)chain, (void)chain_size, (void)req_size;
    if (f) llmfi_error_left_out(&f->last_error, "llmf_start_chain", "PROMPTS");
    return none;
}

#endif
#endif
