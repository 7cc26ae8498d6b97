/* Names, handles and what is known of them: the public side of the factory floor. */
#ifndef LLMFI_ENGINE_MODELS_H
#define LLMFI_ENGINE_MODELS_H
#include "names.h"
#include "open.h"

static llmf_model llmfi_no_model(llmf_factory *f, const llmf_error *why, llmf_error *err) {
    llmf_model none = {0};
    if (f) f->last_error = *why;
    if (err) *err = *why;
    return none;
}

/* A name that was not asked for before, or whose handle must be prepared anew. */
static llmf_model llmfi_get_new(llmf_factory *f, llmf_str name, uint32_t at, llmf_error *err) {
    llmf_model m;
    llmf_error why;
#if LLMF_HAS_ROUTES
    if (llmfi_config_route(f->config, name)) {
        llmf_route_desc what;
        memset(&what, 0, sizeof what);
        what.route = name.ptr;
        return llmf_route(f, &what, NULL, err);
    }
#endif
    llmfi_error_clear(&why);
    if (at && !llmfi_handle_use(&f->handles, f->config, at, &why)) return llmfi_no_model(f, &why, err);
    if (!at) at = llmfi_handle_new(&f->handles, f->config, name, NULL, &why);
    if (!at) return llmfi_no_model(f, &why, err);
    f->last_handle = at;
    m.id = llmfi_handle_id(&f->handles, at);
    return m;
}

LLMF_API llmf_model llmf_get(llmf_factory *f, const char *name, llmf_error *err) {
    llmf_model m;
    size_t len;
    uint32_t at;
    if (err) err->code = LLMF_OK;
    if (!f) {
        llmf_error why;
        llmfi_error_set(&why, LLMF_ERR_ARGUMENT, "the factory is NULL: llmf_open failed, look at its error");
        return llmfi_no_model(NULL, &why, err);
    }
    if (!name) name = "";
    at = f->last_handle; /* the same again: most programs ask for one name all the time */
    if (!at || !llmfi_handle_ready(&f->handles, f->config, at) || llmfi_strcmp(llmfi_handle_slot(&f->handles, at)->name, name) != 0) {
        len = llmfi_strlen(name);
        at = llmfi_handle_find(&f->handles, name, len, llmfi_handle_hash(name, len));
        if (!at || !llmfi_handle_ready(&f->handles, f->config, at)) return llmfi_get_new(f, llmfi_str(name, len), at, err);
        llmfi_handle_newest(&f->handles, at);
        f->last_handle = at;
    }
    m.id = llmfi_handle_id(&f->handles, at);
    return m;
}

LLMF_API llmf_result llmf_reload(llmf_factory *f, llmf_error *err) {
    llmf_error why;
    int got = LLMF_ERR_ARGUMENT;
    llmfi_error_clear(&why);
    if (f) got = llmfi_load(f, &why);
    else llmfi_error_set(&why, LLMF_ERR_ARGUMENT, "the factory is NULL");
    if (f && got != LLMF_OK && got != LLMF_ERR_STALE) f->last_error = why;
    if (err) *err = why;
    return (llmf_result)got;
}

LLMF_API llmf_result llmf_reload_start(llmf_factory *f, llmf_error *err) {
    llmf_error why;
    llmfi_error_clear(&why);
    if (!f) llmfi_error_set(&why, LLMF_ERR_ARGUMENT, "the factory is NULL");
#if LLMF_HAS_SOURCES
    else if (!llmfi_loading_start(f, false)) llmfi_error_memory(&why);
#else
    else llmfi_error_left_out(&why, "llmf_reload_start", "SOURCES");
#endif
    if (f && why.code != LLMF_OK) f->last_error = why;
    if (err) *err = why;
    return (llmf_result)why.code;
}

LLMF_API llmf_model llmf_get_fresh(llmf_factory *f, const char *name, llmf_error *err) {
    llmf_model none = {0};
    if (llmf_reload(f, err) != LLMF_OK) return none;
    return llmf_get(f, name, err);
}

LLMF_API llmf_model llmf_create(llmf_factory *f, const char *name, const char *config, llmf_error *err) {
    llmf_model m = {0};
    llmf_error why;
    uint32_t at;
    llmfi_error_clear(&why);
    if (err) err->code = LLMF_OK;
    if (!f) llmfi_error_set(&why, LLMF_ERR_ARGUMENT, "the factory is NULL");
    at = f ? llmfi_handle_new(&f->handles, f->config, llmfi_cstr(name), config ? config : "{}", &why) : 0;
    if (!at) return llmfi_no_model(f, &why, err);
    m.id = llmfi_handle_id(&f->handles, at);
    return m;
}

LLMF_API void llmf_drop(llmf_factory *f, llmf_model m) {
    uint32_t at = f ? llmfi_handle_at(&f->handles, m) : 0;
    if (at && llmfi_handle_slot(&f->handles, at)->own) llmfi_handle_forget(&f->handles, at);
}

/* ---- what is known ---- */

LLMF_API llmf_result llmf_model_info_abi(llmf_factory *f, llmf_model m, llmf_model_info *info, size_t info_size) {
    uint32_t at = f ? llmfi_handle_at(&f->handles, m) : 0;
    llmfi_prepared *p;
    llmf_model_info i;
    if (!at) return LLMF_ERR_STALE;
    p = llmfi_handle_use(&f->handles, f->config, at, &f->last_error);
    if (!p) return (llmf_result)f->last_error.code;
    llmfi_fill_info(f, &p->record, &i);
    if (info) memcpy(info, &i, info_size < sizeof i ? info_size : sizeof i);
    return LLMF_OK;
}

LLMF_API bool llmf_model_at_abi(llmf_factory *f, size_t at, llmf_model_info *info, size_t info_size) {
    llmfi_record record;
    llmf_model_info i;
    if (!f || !llmfi_config_model_at(f->config, at, &record)) return false;
    llmfi_fill_info(f, &record, &i);
    if (info) memcpy(info, &i, info_size < sizeof i ? info_size : sizeof i);
    return true;
}

LLMF_API bool llmf_provider_at_abi(llmf_factory *f, size_t at, llmf_provider_info *info, size_t info_size) {
    llmf_provider_info i;
    memset(&i, 0, sizeof i);
    if (!f || !llmfi_config_provider_at(f->config, &f->env, at, &i)) return false;
    if (info) memcpy(info, &i, info_size < sizeof i ? info_size : sizeof i);
    return true;
}

/* ---- what a program registers ---- */

static llmf_result llmfi_register_failed(llmf_factory *f, const llmf_error *why, llmf_error *err) {
    if (f) f->last_error = *why;
    if (err) *err = *why;
    return (llmf_result)why->code;
}

#if LLMF_HAS_REGISTER

LLMF_API llmf_result llmf_register_dialect_abi(llmf_factory *f, const llmf_dialect *d, size_t d_size, llmf_error *err) {
    llmf_error why;
    llmf_dialect *copy;
    llmfi_error_clear(&why);
    if (err) err->code = LLMF_OK;
    if (!f || !d || !d->name || !d->body || !d->on_frame) llmfi_error_set(&why, LLMF_ERR_ARGUMENT, "a dialect needs name, body and on_frame");
    else if (f->handles.dialect_count == LLMF_MAX_REGISTERED) llmfi_error_set(&why, LLMF_ERR_LIMIT, "more dialects than LLMF_MAX_REGISTERED");
    if (why.code != LLMF_OK) return llmfi_register_failed(f, &why, err);
    copy = (llmf_dialect *)llmfi_heap_alloc(&f->heap, sizeof *copy);
    if (!copy) {
        llmfi_error_memory(&why);
        return llmfi_register_failed(f, &why, err);
    }
    memset(copy, 0, sizeof *copy);
    memcpy(copy, d, d_size < sizeof *copy ? d_size : sizeof *copy);
    copy->name = llmfi_handle_copy(&f->heap, d->name, llmfi_strlen(d->name));
    if (!copy->name) {
        llmfi_heap_free(&f->heap, copy);
        llmfi_error_memory(&why);
        return llmfi_register_failed(f, &why, err);
    }
    f->dialects[f->handles.dialect_count++] = copy;
    return LLMF_OK;
}

static bool llmfi_keep_text(llmf_factory *f, const char **text) {
    if (*text) *text = llmfi_handle_copy(&f->heap, *text, llmfi_strlen(*text));
    return *text != NULL;
}

/* Kept as text, so that a reload can add it to the new config. */
static bool llmfi_keep_provider(llmf_factory *f, llmf_provider_desc *p) {
    llmf_provider_desc given = *p;
    bool ok = llmfi_keep_text(f, &p->name) && (llmfi_keep_text(f, &p->dialect) || !given.dialect) && (llmfi_keep_text(f, &p->base_url) || !given.base_url) &&
              (llmfi_keep_text(f, &p->key_env) || !given.key_env) && (llmfi_keep_text(f, &p->default_model) || !given.default_model) &&
              (llmfi_keep_text(f, &p->config) || !given.config);
    return ok;
}

static void llmfi_forget_text(llmf_factory *f, const char *kept, const char *given) {
    if (kept != given) llmfi_heap_free(&f->heap, (void *)(uintptr_t)kept);
}

static void llmfi_forget_provider(llmf_factory *f, const llmf_provider_desc *kept, const llmf_provider_desc *given) {
    llmfi_forget_text(f, kept->name, given->name);
    llmfi_forget_text(f, kept->dialect, given->dialect);
    llmfi_forget_text(f, kept->base_url, given->base_url);
    llmfi_forget_text(f, kept->key_env, given->key_env);
    llmfi_forget_text(f, kept->default_model, given->default_model);
    llmfi_forget_text(f, kept->config, given->config);
}

LLMF_API llmf_result llmf_register_abi(llmf_factory *f, const llmf_provider_desc *p, size_t p_size, llmf_error *err) {
    llmf_error why;
    llmf_provider_desc given, kept;
    memset(&given, 0, sizeof given);
    llmfi_error_clear(&why);
    if (err) err->code = LLMF_OK;
    if (p) memcpy(&given, p, p_size < sizeof given ? p_size : sizeof given);
    if (!f || !given.name || !given.name[0]) llmfi_error_set(&why, LLMF_ERR_ARGUMENT, "a provider needs a name");
    else if (f->registered_count == LLMF_MAX_REGISTERED) llmfi_error_set(&why, LLMF_ERR_LIMIT, "more providers than LLMF_MAX_REGISTERED");
    if (why.code != LLMF_OK) return llmfi_register_failed(f, &why, err);
    kept = given;
    if (!llmfi_keep_provider(f, &kept)) {
        llmfi_error_memory(&why);
    } else if (llmfi_config_add_provider(f->config, &kept, &why)) {
        f->registered[f->registered_count++] = kept;
        f->last_handle = 0;
        return LLMF_OK;
    }
    llmfi_forget_provider(f, &kept, &given);
    return llmfi_register_failed(f, &why, err);
}

#else

static llmf_result llmfi_no_register(llmf_factory *f, llmf_error *err) {
    llmf_error why;
    llmfi_error_left_out(&why, "llmf_register", "REGISTER");
    return llmfi_register_failed(f, &why, err);
}

LLMF_API llmf_result llmf_register_dialect_abi(llmf_factory *f, const llmf_dialect *d, size_t d_size, llmf_error *err) {
    (void)d, (void)d_size;
    return llmfi_no_register(f, err);
}

LLMF_API llmf_result llmf_register_abi(llmf_factory *f, const llmf_provider_desc *p, size_t p_size, llmf_error *err) {
    (void)p, (void)p_size;
    return llmfi_no_register(f, err);
}

#endif

/* ---- the rest ---- */

LLMF_API void llmf_last_error_abi(const llmf_factory *f, llmf_error *err, size_t err_size) {
    llmf_error none;
    llmfi_error_clear(&none);
    if (err) memcpy(err, f ? &f->last_error : &none, err_size < sizeof none ? err_size : sizeof none);
}

LLMF_API llmf_result llmf_replay(llmf_factory *f, const llmf_recording *recording) {
#if !LLMF_HAS_REPLAY
    (void)recording;
    if (f) llmfi_error_left_out(&f->last_error, "llmf_replay", "REPLAY");
    return LLMF_ERR_NOT_BUILT;
#else
    if (!f || !recording || !f->replay) {
        if (f) llmfi_error_set(&f->last_error, LLMF_ERR_ARGUMENT, "llmf_replay needs a recording, and a factory opened with llmf_desc.transport = \"replay\"");
        return LLMF_ERR_ARGUMENT;
    }
    llmfi_replay_set(f->replay, recording);
    return LLMF_OK;
#endif
}

#endif
