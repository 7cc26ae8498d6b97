/* From what the sources of llmf_desc hold to the config that counts: read whole, valid as a whole, swapped at once. Calls and handles that hold the old one keep it. */
#ifndef LLMFI_ENGINE_RELOAD_H
#define LLMFI_ENGINE_RELOAD_H
#include "config_copy.h"
#include "remote.h"

#if LLMF_HAS_SOURCES
#define llmfi_documents_of(f) (f)->documents
#else
#define llmfi_documents_of(f) NULL
#endif
#if LLMF_HAS_PLUGINS
#define llmfi_plugins_of(f) &(f)->plugins
#else
#define llmfi_plugins_of(f) NULL
#endif
#if LLMF_HAS_PLUGINS && LLMF_HAS_SOURCES
#define llmfi_is_awaiting(f) (f)->awaiting
#else
#define llmfi_is_awaiting(f) false
#endif

/* ---- reading ---- */

#if LLMF_HAS_SOURCES
static void llmfi_tell_reload(llmf_factory *f, const llmfi_config *from, const llmf_error *err);
#endif

/* The new generation takes the place of the old one. */
static void llmfi_config_swap(llmf_factory *f, llmfi_config *fresh) {
    llmfi_config *old = f->config;
    f->config = fresh;
    f->last_handle = 0;
    if (!old) return;
#if LLMF_HAS_SOURCES
    llmfi_tell_reload(f, old, NULL);
#endif
    llmfi_config_release(old);
}

#if LLMF_HAS_CONFIG || LLMF_HAS_REGISTER

typedef struct llmfi_problems {
    llmf_factory *f;
    llmf_error first;
    size_t count;
} llmfi_problems;

static void llmfi_on_problem(void *user, const llmf_error *e, bool warning) {
    llmfi_problems *p = (llmfi_problems *)user;
    if (llmfi_is_awaiting(p->f)) { /* it is read once more when the plugin is there */
        p->count++;
        return;
    }
    llmfi_log(p->f, warning ? LLMF_LOG_WARNING : LLMF_LOG_ERROR, 2, llmfi_cstr(e->text));
    if (warning) return;
    if (p->count++ == 0) p->first = *e;
}

/* The first problem, and how many more there are. */
static bool llmfi_tell_problems(const llmfi_problems *p, llmf_error *err) {
    llmfi_text t;
    *err = p->first;
    if (p->count == 0) return llmfi_error_memory(err);
    if (p->count > 1) {
        t = llmfi_text_in(err->text, sizeof err->text);
        t.len = llmfi_strlen(p->first.text);
        memcpy(err->text, p->first.text, t.len + 1);
        LLMFI_SAY(&t, " (and ");
        llmfi_say_int(&t, (int64_t)p->count - 1);
        LLMFI_SAY(&t, " more: see the log hook, or run llmf check)");
    }
    return false;
}

/* Reads the sources and swaps; the old config stays where they are not valid as a whole. */
static bool llmfi_read_config(llmf_factory *f, llmf_error *err) {
    llmfi_problems p;
    llmfi_config *fresh;
    size_t problems = 0;
#if LLMF_HAS_REGISTER
    size_t i;
#endif
    memset(&p, 0, sizeof p);
    p.f = f;
    fresh = llmfi_config_load_with(&f->heap, &f->desc, &f->env, llmfi_documents_of(f), llmfi_plugins_of(f), llmfi_on_problem, &p, &problems);
#if LLMF_HAS_REGISTER
    for (i = 0; fresh && i < f->registered_count; i++)
        if (f->registered[i].name && !llmfi_config_add_provider(fresh, &f->registered[i], &p.first)) p.count++;
#endif
    if (fresh && p.count == 0) {
#if LLMF_HAS_PLUGINS
        for (i = 0; i < fresh->plugin_count; i++) fresh->plugins[i]->kept = true;
#endif
        llmfi_config_swap(f, fresh);
        return true;
    }
    if (fresh) llmfi_config_release(fresh);
#if LLMF_HAS_PLUGINS
    if (!llmfi_is_awaiting(f)) llmfi_plugins_drop(&f->plugins);
#endif
    return llmfi_tell_problems(&p, err);
}

#else

static bool llmfi_read_config(llmf_factory *f, llmf_error *err) {
    llmfi_config *fresh;
    if (llmfi_config_wanted(&f->desc, err)) return false;
    fresh = llmfi_config_of_tables(&f->heap, &f->desc, &f->env);
    if (!fresh) return llmfi_error_memory(err);
    llmfi_config_swap(f, fresh);
    return true;
}

#endif

#if LLMF_HAS_SOURCES

/* ---- telling ---- */

/* err NULL: the config has been swapped, from that one. */
static void llmfi_tell_reload(llmf_factory *f, const llmfi_config *from, const llmf_error *err) {
    llmf_reload_info info;
    llmfi_changes changes;
    if (!f->desc.on_reload) return;
    memset(&info, 0, sizeof info);
    llmfi_changes_init(&changes, &f->heap);
    if (!err) llmfi_changes_between(&changes, from, f->config);
    info.error = err;
    info.result = err ? err->code : LLMF_OK;
    info.changed = (const char *const *)(const void *)changes.list.ptr;
    info.changed_count = changes.list.len / sizeof(const char *);
    f->desc.on_reload(f->desc.user, &info);
    llmfi_changes_free(&changes);
}

/* ---- what has changed ---- */

/* Of all files that config is read from. */
static uint64_t llmfi_files_stamp(llmf_factory *f) {
    uint64_t stamp = 1;
    const char *uri;
    size_t i;
    for (i = 0; (uri = llmfi_source_at(&f->desc, i)) != NULL; i++) {
        llmf_str rest;
        if (uri[0] && llmfi_source_kind(llmfi_cstr(uri), &rest) == LLMFI_SRC_FILE) stamp = llmfi_source_stamp(stamp, rest, &f->heap);
    }
    return stamp;
}

static bool llmfi_same_documents(const llmfi_document *a, const llmfi_document *b) {
    for (; a && b; a = a->next, b = b->next)
        if (a->source != b->source || !llmfi_eq(a->name, b->name) || !llmfi_eq(a->text, b->text)) return false;
    return a == b;
}

static uint64_t llmfi_documents_stamp(const llmfi_document *d) {
    uint64_t stamp = 1;
    size_t i;
    for (; d; d = d->next)
        for (i = 0; i < d->text.len; i++) stamp = (stamp ^ (unsigned char)d->text.ptr[i]) * UINT64_C(1099511628211);
    return stamp;
}

/* ---- the end of a loading ---- */

static void llmfi_say_age(llmfi_text *t, int64_t ms) {
    static const struct { int64_t ms; const char *word; } units[] = {{86400000, " days"}, {3600000, " hours"}, {60000, " minutes"}, {1000, " seconds"}};
    size_t i = 0;
    while (i < LLMFI_COUNT(units) - 1 && ms < 2 * units[i].ms) i++;
    llmfi_say_int(t, ms / units[i].ms);
    llmfi_say_c(t, units[i].word);
}

/* The last good copy of a source that cannot be had, with a warning. False: there is none. */
static bool llmfi_lost_found(llmf_factory *f, const llmfi_lost *lost) {
    llmfi_document *d, **link = &f->loading->documents;
    llmf_error warning;
    llmfi_text t;
    int64_t age;
    while ((d = *link) != NULL) { /* a part of it is not a source */
        if (d->source != lost->source) {
            link = &d->next;
            continue;
        }
        *link = d->next;
        llmfi_document_free(&f->heap, d);
    }
    age = llmfi_copy_read(f, lost->source, &f->loading->documents);
    if (age < 0) return false;
    t = llmfi_error_begin(&warning, lost->error.code);
    llmfi_say_c(&t, "using the copy of ");
    llmfi_say_age(&t, age);
    llmfi_say_c(&t, " ago: ");
    llmfi_say_c(&t, lost->error.text);
    llmfi_log(f, LLMF_LOG_WARNING, 8, llmfi_cstr(warning.text));
    return true;
}

/* Whether all sources have been had; else *err is of the first that has not. */
static bool llmfi_loaded(llmf_factory *f, llmf_error *err) {
    struct llmfi_loading *l = f->loading;
    const llmfi_lost *lost, *first = NULL;
    if (l->memory || l->arena.failed) return llmfi_error_memory(err);
    for (lost = l->lost; lost; lost = lost->next) {
        if (!f->config && llmfi_lost_found(f, lost)) continue;
        llmfi_log(f, f->config ? LLMF_LOG_WARNING : LLMF_LOG_ERROR, 8, llmfi_cstr(lost->error.text));
        if (!first || lost->source < first->source) first = lost;
    }
    if (first) *err = first->error;
    return !first;
}

/* What has come becomes what is read; where that is refused, what was there before stays. */
static bool llmfi_take_documents(llmf_factory *f, llmf_error *err) {
    llmfi_document *old = f->documents;
    llmf_error copied;
    bool fresh = !llmfi_same_documents(old, f->loading->documents), copies = !f->loading->lost && f->desc.config_copy && (fresh || !f->copied);
    f->documents = f->loading->documents;
    f->loading->documents = NULL;
    f->awaiting = false;
    if (!llmfi_read_config(f, err)) {
        if (f->awaiting) {
            f->loading->documents = f->documents;
            f->documents = old;
            return false;
        }
        f->refused = llmfi_documents_stamp(f->documents);
        llmfi_documents_free(&f->heap, &f->documents);
        f->documents = old;
        return false;
    }
    f->refused = 0;
    llmfi_documents_free(&f->heap, &old);
    if (copies && f->documents) {
        f->copied = llmfi_copy_write(f, &copied);
        if (!f->copied) llmfi_log(f, LLMF_LOG_WARNING, 8, llmfi_cstr(copied.text));
    }
    return true;
}

/* A watch that has found nothing new. */
static bool llmfi_nothing_new(const llmf_factory *f, uint64_t stamp) {
    const struct llmfi_loading *l = f->loading;
    if (!l->quiet || stamp != f->stamp || l->memory || l->arena.failed) return false;
    return l->lost ? f->watch_lost : llmfi_same_documents(f->documents, l->documents) || (f->refused && f->refused == llmfi_documents_stamp(l->documents));
}

static void llmfi_loading_end(llmf_factory *f) {
    uint64_t stamp = llmfi_files_stamp(f);
    bool lost = f->loading->lost != NULL;
    llmfi_error_clear(&f->load_error);
    f->awaiting = false;
    if (!llmfi_nothing_new(f, stamp)) {
        bool good = llmfi_loaded(f, &f->load_error) && llmfi_take_documents(f, &f->load_error);
        if (f->awaiting) { /* a plugin is fetched first */
            f->deferred = true;
            return;
        }
        f->stamp = stamp;
        if (!good && f->config) llmfi_tell_reload(f, NULL, &f->load_error);
    }
    f->watch_lost = lost;
    llmfi_loading_close(f);
    f->events++; /* a poll that waits for it has waited long enough */
}

/* ---- waiting for it ---- */

static int llmfi_poll(llmf_factory *f, int timeout_ms, bool next);

/* By polling: calls under way go on meanwhile. LLMF_ERR_STALE: a hook closed the factory, which is no more. */
static int llmfi_load_remote(llmf_factory *f, llmf_error *err) {
    if (f->polling) return llmfi_error_set(err, LLMF_ERR_ARGUMENT, "llmf_reload inside a callback would wait for a network: use llmf_reload_start"), LLMF_ERR_ARGUMENT;
    llmfi_now(f);
    if (!llmfi_loading_start(f, false)) return llmfi_error_memory(err), LLMF_ERR_MEMORY;
    while (f->loading) {
        f->active++; /* else there would be nothing to wait for */
        if (llmfi_poll(f, 1000, false) < 0) return llmfi_error_set(err, LLMF_ERR_STALE, "the factory was closed inside a callback"), LLMF_ERR_STALE;
        f->active--;
    }
    *err = f->load_error;
    return err->code;
}

/* ---- the watch ---- */

/* Looks for changes when it is time to. */
static void llmfi_watch_sources(llmf_factory *f) {
    if (f->desc.watch_ms <= 0 || !f->config) return;
    if (f->watch_due_ns <= f->now_ns) {
        f->watch_due_ns = llmfi_after_ms(f->now_ns, f->desc.watch_ms);
        if (!f->loading && (llmfi_any_remote(&f->desc) || llmfi_files_stamp(f) != f->stamp)) (void)llmfi_loading_start(f, true);
    }
    llmfi_fetch_due(f, f->watch_due_ns);
}

/* Begins to look, once the first config counts. */
static void llmfi_watch_begin(llmf_factory *f) {
    if (f->desc.watch_ms <= 0) return;
    f->watch_due_ns = llmfi_after_ms(llmfi_now(f), f->desc.watch_ms);
    llmfi_fetch_due(f, f->watch_due_ns);
}

/* Of run_timers: a want that waits for its time is looked at. */
static void llmfi_sources_timer(llmf_factory *f) {
    llmfi_watch_sources(f);
    if (f->loading) f->deferred = true;
}

#endif

/* Reads all sources. LLMF_OK, or the result that *err tells of; LLMF_ERR_STALE: a hook closed the factory, which is no more. */
#if LLMF_HAS_SOURCES
static int llmfi_load(llmf_factory *f, llmf_error *err) {
    bool polling = f->polling, ok;
    llmfi_error_clear(err);
    if (llmfi_any_remote(&f->desc)) return llmfi_load_remote(f, err);
    f->stamp = f->desc.watch_ms > 0 ? llmfi_files_stamp(f) : 0;
    f->awaiting = false;
    f->polling = true; /* so that a hook which closes the factory does so behind this */
    ok = llmfi_read_config(f, err);
    if (f->awaiting) { /* a plugin of the files must be fetched */
        f->polling = polling;
        return llmfi_load_remote(f, err);
    }
    if (!ok && f->config) llmfi_tell_reload(f, NULL, err);
    f->polling = polling;
    if (!f->closing || polling) return ok ? (int)LLMF_OK : err->code;
    llmf_close(f);
    return LLMF_ERR_STALE;
}
#else
static int llmfi_load(llmf_factory *f, llmf_error *err) {
    return llmfi_read_config(f, err) ? (int)LLMF_OK : err->code;
}
#endif

#endif
