/* Configs checked without a factory that stays. And how much memory a description needs. */
#ifndef LLMFI_ENGINE_CHECK_H
#define LLMFI_ENGINE_CHECK_H
#include "models.h"

typedef struct llmfi_checking {
    void (*report)(void *user, const llmf_error *err);
    void *user;
    size_t count;
} llmfi_checking;

static void llmfi_on_checked(void *user, const llmf_error *e, bool warning) {
    llmfi_checking *c = (llmfi_checking *)user;
    if (c->report) c->report(c->user, e);
    if (!warning) c->count++;
}

#if LLMF_HAS_SOURCES
/* What only a factory can fetch has not been looked at: that is no clean bill. */
static void llmfi_check_remote(const llmf_desc *d, llmfi_checking *c) {
    const char *uri;
    size_t i;
    for (i = 0; (uri = llmfi_source_at(d, i)) != NULL; i++) {
        llmfi_report report = llmfi_report_to(llmfi_on_checked, c);
        if (llmfi_source_is_remote(uri)) llmfi_report_at(&report, llmfi_cstr(uri), 0, 0, "was not looked at: llmf_check asks no network; check the files that it is made of, or open a factory with it");
    }
}
#endif

/* A block to try things in. NULL: none could be had. */
static llmf_factory *llmfi_try_out(const llmf_desc *desc, size_t desc_size, llmf_desc *d, void **block) {
    llmf_error err;
    llmf_factory *f;
    memset(d, 0, sizeof *d);
    if (desc) memcpy(d, desc, desc_size < sizeof *d ? desc_size : sizeof *d);
    llmfi_fill_desc(d);
    if (!d->alloc) d->alloc = llmfi_stdlib_alloc;
    if (d->memory_size < LLMFI_DEFAULT_MEMORY) d->memory_size = LLMFI_DEFAULT_MEMORY;
    *block = d->alloc(d->user, NULL, 0, d->memory_size);
    if (!*block) return NULL;
    f = llmfi_lay_out(d, *block, &err);
    if (!f) d->alloc(d->user, *block, d->memory_size, 0);
    return f;
}

LLMF_API size_t llmf_check_abi(const llmf_desc *desc, size_t desc_size, void (*report)(void *user, const llmf_error *err), void *user) {
    llmf_desc d;
    void *block = NULL;
    llmf_factory *f = llmfi_try_out(desc, desc_size, &d, &block);
    llmfi_checking c;
    llmfi_config *config;
    size_t problems = 0;
    llmf_error err;
    c.report = report;
    c.user = user;
    c.count = 0;
    if (!f) {
        if (!LLMF_HAS_MALLOC && d.alloc == llmfi_stdlib_alloc)
            llmfi_error_about(&err, LLMF_ERR_ARGUMENT, "", LLMFI_LIT("llmf_desc.alloc"), " is not set, and this build has no malloc (LLMF_NO_MALLOC, LLMF_NO_STDLIB): a check needs a block of its own");
        else llmfi_error_memory(&err);
        llmfi_on_checked(&c, &err, false);
        return c.count;
    }
    if (!llmfi_env_open(&f->env, &f->heap, &f->desc, &err)) {
        llmfi_on_checked(&c, &err, false);
    } else {
        config = llmfi_config_load(&f->heap, &f->desc, &f->env, NULL, llmfi_on_checked, &c, &problems);
        if (config) llmfi_config_release(config);
#if LLMF_HAS_SOURCES
        llmfi_check_remote(&f->desc, &c);
#endif
    }
    llmf_close(f);
    d.alloc(d.user, block, d.memory_size, 0);
    return c.count;
}

/* Bytes of heap that a plain call of a few KB needs, and one whose connection is its own: measured by the tests, rounded up to what the heap hands out. */
enum { LLMFI_CALL_BYTES = 32768 };

#if LLMF_HAS_BEARSSL
/* And what TLS needs where the socket transport is who serves https: roots, and a connection for each call. */
static size_t llmfi_tls_need(llmf_factory *f) {
    int most = f->desc.max_calls < f->desc.max_connections ? f->desc.max_calls : f->desc.max_connections;
    if (!f->socket || f->curl) return 0;
    return llmfi_socket_tls_need(f->socket, (size_t)most) + LLMFI_PAGE; /* where the block begins is not known */
}
#else
#define llmfi_tls_need(f) 0
#endif

LLMF_API size_t llmf_min_memory_abi(const llmf_desc *desc, size_t desc_size) {
    llmf_desc d;
    llmf_error err;
    void *block = NULL;
    size_t need = 0;
    llmf_factory *f = llmfi_try_out(desc, desc_size, &d, &block);
    if (!f) return 0;
    /* The config counts twice: a reload builds the new one beside the old. */
    if (llmfi_start_up(f, &err)) {
        need = f->permanent + 2 * f->heap.high + (size_t)d.max_calls * LLMFI_CALL_BYTES;
        need += llmfi_tls_need(f);
#if LLMF_HAS_METRICS
        if (d.metrics) need += (size_t)LLMF_MAX_SERIES * LLMFI_SERIES_BYTES;
#endif
    }
    llmf_close(f);
    d.alloc(d.user, block, d.memory_size, 0);
    return need ? need + need / LLMF_HEAP_UNIT : 0;
}

#endif
