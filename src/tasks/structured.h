/* Answers that keep to a JSON Schema: the public side. What happens while they are asked for is in engine/structured.h and engine/steps.h. */
#ifndef LLMFI_TASKS_STRUCTURED_H
#define LLMFI_TASKS_STRUCTURED_H
#include "prompts.h"

#if LLMF_HAS_STRUCTURED

LLMF_API llmf_result llmf_json_check(llmf_factory *f, const char *schema, llmf_str json, llmf_error *err) {
    llmfi_schema ready;
    llmfi_arena arena;
    llmf_error why;
    if (!f || !schema) {
        llmfi_error_set(&why, LLMF_ERR_ARGUMENT, f ? "llmf_json_check: schema is NULL" : "the factory is NULL");
        if (err) *err = why;
        return LLMF_ERR_ARGUMENT;
    }
    llmfi_arena_init(&arena, &f->heap, 0);
    if (llmfi_schema_make(&ready, &arena, llmfi_cstr(schema), &why) && json.ptr) {
        llmfi_text t = llmfi_error_begin(&why, LLMF_OK);
        why.code = llmfi_value_check(&ready, &f->heap, json, &t);
        if (why.code == LLMF_ERR_MEMORY) llmfi_error_memory(&why);
    }
    llmfi_arena_free(&arena);
    if (why.code != LLMF_OK) f->last_error = why;
    if (err) *err = why;
    return (llmf_result)why.code;
}

#else

LLMF_API llmf_result llmf_json_check(llmf_factory *f, const char *schema, llmf_str json, llmf_error *err) {
    llmf_error local;
    (void)schema, (void)json;
    if (!err) err = f ? &f->last_error : &local;
    llmfi_error_left_out(err, "llmf_json_check", "STRUCTURED");
    return LLMF_ERR_NOT_BUILT;
}

#endif

#if LLMFI_HAS_JSON_STEPS

/* False with *err: what was made by then is in c->steps. */
static bool llmfi_structured_open(llmfi_call *c, llmf_model m, const llmf_json_spec *spec, llmf_error *err) {
    struct llmfi_steps *s = llmfi_steps_new(c, err);
    struct llmfi_structured *j;
    llmf_str text;
    if (!s) return false;
    j = s->json = (struct llmfi_structured *)llmfi_arena_alloc(&s->arena, sizeof *j);
    if (!j) return llmfi_error_memory(err);
    j->value = llmfi_str("", 0);
    if (c->req.op != LLMF_OP_CHAT || (spec->schema && c->req.format)) return llmfi_error_set(err, LLMF_ERR_ARGUMENT, "llmf_start_json: the request must be a chat without a format; the spec has the schema");
    text = llmfi_trim(llmfi_cstr(spec->schema ? spec->schema : c->req.format));
    if (!spec->schema && (!text.len || text.ptr[0] != '{')) return llmfi_error_set(err, LLMF_ERR_ARGUMENT, "llmf_json_spec.schema is NULL, and llmf_request.format is no schema; give one of them");
    if (spec->ask < LLMF_ASK_AUTO || spec->ask > LLMF_ASK_WORDS) return llmfi_error_set(err, LLMF_ERR_ARGUMENT, "llmf_json_spec.ask must be LLMF_ASK_AUTO, LLMF_ASK_NATIVE or LLMF_ASK_WORDS");
    if (!LLMF_HAS_SCHEMA && spec->ask == LLMF_ASK_NATIVE) return llmfi_error_left_out(err, "llmf_json_spec.ask", "SCHEMA");
    j->most = spec->max_repeats < 0 ? 0 : spec->max_repeats ? spec->max_repeats : 2;
    if (j->most > LLMF_MAX_JSON_REPEATS) return llmfi_error_set(err, LLMF_ERR_LIMIT, "llmf_json_spec.max_repeats is above LLMF_MAX_JSON_REPEATS");
    j->strict = spec->strict != 0;
    j->text = llmfi_arena_copy(&s->arena, text);
    if (!s->arena.failed && !llmfi_schema_make(&j->schema, &s->arena, j->text, err)) return false;
    j->given = c->req;
    j->given.format = NULL;
    llmfi_own_request(&s->arena, &j->given);
    s->at = (llmfi_step *)llmfi_arena_array(&s->arena, (size_t)j->most + 2, sizeof *s->at);
    s->outputs = (llmfi_output *)llmfi_arena_array(&s->arena, (size_t)j->most + 2, sizeof *s->outputs);
    if (s->arena.failed) return llmfi_error_memory(err);
    if (!llmfi_call_prepare(c, m)) {
        *err = c->reply.error;
        return false;
    }
    j->native = LLMF_HAS_SCHEMA && (spec->ask == LLMF_ASK_NATIVE || (spec->ask == LLMF_ASK_AUTO && (c->prepared->record.capabilities & LLMF_CAN_SCHEMA) && !(c->prepared->record.s.quirks & LLMFI_Q_NO_SCHEMA)));
    j->may_refuse = j->native && spec->ask == LLMF_ASK_AUTO;
    s->count = 1;
    s->at[0].prepared = c->prepared;
    s->at[0].prepared->references++;
#if LLMF_HAS_ROUTES
    s->at[0].route = c->route;
#endif
    return llmfi_structured_request(&s->arena, j, &s->at[0].request, llmfi_str("", 0), llmfi_str("", 0)) || llmfi_error_memory(err);
}

static llmfi_call *llmfi_structured_start(llmf_factory *f, llmf_model m, const llmf_request *req, size_t req_size, const llmf_json_spec *spec, size_t spec_size, bool quiet) {
    llmf_json_spec given;
    llmf_model none = {0};
    llmf_error err;
    llmfi_call *c;
    memset(&given, 0, sizeof given);
    llmfi_error_clear(&err);
    if (!spec) {
        llmfi_error_set(&f->last_error, LLMF_ERR_ARGUMENT, "spec is NULL");
        return NULL;
    }
    memcpy(&given, spec, spec_size < sizeof given ? spec_size : sizeof given);
    c = llmfi_call_open(f, req, req_size);
    if (!c) return NULL;
    c->quiet = quiet && !c->req.on_event;
    (void)llmfi_now(f);
    if (!llmfi_structured_open(c, m, &given, &err)) c->reply.error = err;
    llmfi_call_begin(c, none);
    return c;
}

LLMF_API llmf_call llmf_start_json_abi(llmf_factory *f, llmf_model m, const llmf_request *req, size_t req_size, const llmf_json_spec *spec, size_t spec_size) {
    llmf_call id = {0};
    int saved = LLMFI_ERRNO;
    llmfi_call *c = f ? llmfi_structured_start(f, m, req, req_size, spec, spec_size, false) : NULL;
    if (c) id.id = c->id;
    LLMFI_SET_ERRNO(saved);
    return id;
}

LLMF_API llmf_result llmf_generate_json_abi(llmf_factory *f, llmf_model m, const llmf_request *req, size_t req_size, const llmf_json_spec *spec, size_t spec_size, llmf_response *r, size_t r_size) {
    llmf_call id;
    llmfi_call *c;
    if (!f || f->polling) return llmfi_fail_response(NULL, r, r_size, LLMF_ERR_ARGUMENT, f ? "llmf_generate_json inside a callback: use llmf_start_json" : "the factory is NULL");
    c = llmfi_structured_start(f, m, req, req_size, spec, spec_size, true);
    if (!c) return llmfi_fail_response(f, r, r_size, LLMF_OK, "");
    id.id = c->id;
    return llmfi_call_wait(f, id, r, r_size);
}

#else

#if LLMF_HAS_STRUCTURED
#define LLMFI_STRUCTURED_LACKS "PROMPTS"
#else
#define LLMFI_STRUCTURED_LACKS "STRUCTURED"
#endif

LLMF_API llmf_call llmf_start_json_abi(llmf_factory *f, llmf_model m, const llmf_request *req, size_t req_size, const llmf_json_spec *spec, size_t spec_size) {
    llmf_call none = {0};
    (void)m, (void)req, (void)req_size, (void)spec, (void)spec_size;
    if (f) llmfi_error_left_out(&f->last_error, "llmf_start_json", LLMFI_STRUCTURED_LACKS);
    return none;
}

LLMF_API llmf_result llmf_generate_json_abi(llmf_factory *f, llmf_model m, const llmf_request *req, size_t req_size, const llmf_json_spec *spec, size_t spec_size, llmf_response *r, size_t r_size) {
    if (!f) return llmfi_fail_response(NULL, r, r_size, LLMF_ERR_ARGUMENT, "the factory is NULL");
    (void)llmf_start_json_abi(f, m, req, req_size, spec, spec_size);
    return llmfi_fail_response(f, r, r_size, LLMF_OK, "");
}

#endif
#endif
