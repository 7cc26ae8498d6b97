/* Where config may come from: a source is named by a path, or by a URI whose scheme says how it is got.

     models/, fast.yaml, file:fast.yaml   a file, or each config file of a directory
     env:NAME                             the text that a variable holds
     text:fast: {model_id: gpt-4o}        the text itself
     https://host/models.yaml             a document; http:// likewise, which anybody on the way can change
     s3://bucket/prefix, ssm:/name        AWS: see aws_services.h
     anything:else                        asked of llmf_desc.source

   What a network gives has been fetched before the config is read: as documents, by the number of their source. */
#ifndef LLMFI_FACTORY_DOCUMENTS_H
#define LLMFI_FACTORY_DOCUMENTS_H
#include "../base/mem.h"
#include "../options.h"
#include "report.h"

enum { LLMFI_SRC_FILE, LLMFI_SRC_ENV, LLMFI_SRC_TEXT, LLMFI_SRC_HTTP, LLMFI_SRC_S3, LLMFI_SRC_SSM, LLMFI_SRC_HOOK };

/* A text of a source. One piece of the heap: name, etag and text stand behind it. */
typedef struct llmfi_document {
    struct llmfi_document *next;             /* by source, then by name */
    size_t source;                           /* 0: llmf_desc.config; from 1: llmf_desc.configs */
    llmf_str name, etag, text;               /* each with a NUL behind it; etag: empty where there is none */
    int64_t fetched_ms;                      /* when it came, by the wall clock */
} llmfi_document;

/* What stands before the first colon, in letters, digits, + - and . from a letter on; a single letter is a drive of Windows. Empty: no scheme. */
LLMFI_UNUSED static llmf_str llmfi_source_scheme(llmf_str uri) {
    size_t n = 0;
    while (n < uri.len && ((uri.ptr[n] >= 'a' && uri.ptr[n] <= 'z') || (uri.ptr[n] >= 'A' && uri.ptr[n] <= 'Z') ||
                           (n && (llmfi_is_digit(uri.ptr[n]) || uri.ptr[n] == '+' || uri.ptr[n] == '-' || uri.ptr[n] == '.'))))
        n++;
    return llmfi_str(uri.ptr, n > 1 && n < uri.len && uri.ptr[n] == ':' ? n : 0);
}

/* LLMFI_SRC_…; *rest: what stands behind the scheme of file, env and text. */
LLMFI_UNUSED static int llmfi_source_kind(llmf_str uri, llmf_str *rest) {
    static const struct { const char *scheme; uint8_t kind; } kinds[] = {{"file", LLMFI_SRC_FILE}, {"env", LLMFI_SRC_ENV}, {"text", LLMFI_SRC_TEXT}, {"http", LLMFI_SRC_HTTP},
                                                                         {"https", LLMFI_SRC_HTTP}, {"s3", LLMFI_SRC_S3}, {"ssm", LLMFI_SRC_SSM}};
    llmf_str scheme = llmfi_source_scheme(uri);
    size_t i;
    *rest = uri;
    if (!scheme.len) return LLMFI_SRC_FILE;
    *rest = llmfi_from(uri, scheme.len + 1);
    for (i = 0; i < LLMFI_COUNT(kinds); i++) {
        if (!llmfi_eq_nocase(scheme, llmfi_cstr(kinds[i].scheme))) continue;
        if (kinds[i].kind == LLMFI_SRC_FILE && llmfi_starts(*rest, LLMFI_LIT("//"))) *rest = llmfi_from(*rest, 2);
        return kinds[i].kind;
    }
    return LLMFI_SRC_HOOK;
}

/* It must be fetched before it can be read. */
LLMFI_UNUSED static bool llmfi_source_is_remote(const char *uri) {
    llmf_str rest;
    return uri && llmfi_source_kind(llmfi_cstr(uri), &rest) >= LLMFI_SRC_HTTP;
}

/* The source of this number, as llmf_desc names it; NULL past the last. */
LLMFI_UNUSED static const char *llmfi_source_at(const llmf_desc *desc, size_t i) {
    if (i == 0) return desc->config ? desc->config : "";
    return desc->configs && i <= desc->config_count ? desc->configs[i - 1] ? desc->configs[i - 1] : "" : NULL;
}

LLMFI_UNUSED static bool llmfi_any_remote(const llmf_desc *desc) {
    const char *uri;
    size_t i;
    for (i = 0; (uri = llmfi_source_at(desc, i)) != NULL; i++)
        if (llmfi_source_is_remote(uri)) return true;
    return false;
}

/* ---- documents ---- */

static llmf_str llmfi_document_put(char **at, llmf_str text) {
    llmf_str put = llmfi_str(*at, text.len);
    if (text.len) memcpy(*at, text.ptr, text.len);
    (*at)[text.len] = '\0';
    *at += text.len + 1;
    return put;
}

/* NULL: no memory. */
LLMFI_UNUSED static llmfi_document *llmfi_document_new(llmfi_heap *heap, size_t source, llmf_str name, llmf_str etag, llmf_str text) {
    llmfi_document *d;
    char *at;
    if (name.len > LLMF_MAX_FILE || etag.len > LLMF_MAX_FILE || text.len > LLMF_MAX_FILE) return NULL;
    d = (llmfi_document *)llmfi_heap_alloc(heap, sizeof *d + name.len + etag.len + text.len + 3);
    if (!d) return NULL;
    memset(d, 0, sizeof *d);
    at = (char *)(d + 1);
    d->source = source;
    d->name = llmfi_document_put(&at, name);
    d->etag = llmfi_document_put(&at, etag);
    d->text = llmfi_document_put(&at, text);
    return d;
}

/* Config may hold keys. */
LLMFI_UNUSED static void llmfi_document_free(llmfi_heap *heap, llmfi_document *d) {
    llmfi_wipe(d->text);
    llmfi_heap_free(heap, d);
}

LLMFI_UNUSED static void llmfi_documents_free(llmfi_heap *heap, llmfi_document **list) {
    while (*list) {
        llmfi_document *d = *list;
        *list = d->next;
        llmfi_document_free(heap, d);
    }
}

/* Into its place in the list. */
LLMFI_UNUSED static void llmfi_document_insert(llmfi_document **list, llmfi_document *d) {
    while (*list && ((*list)->source < d->source || ((*list)->source == d->source && !llmfi_before(d->name, (*list)->name)))) list = &(*list)->next;
    d->next = *list;
    *list = d;
}

/* The one of this name and source, taken out of the list; NULL. */
LLMFI_UNUSED static llmfi_document *llmfi_document_take(llmfi_document **list, size_t source, llmf_str name) {
    llmfi_document *d;
    for (; (d = *list) != NULL; list = &d->next) {
        if (d->source != source || !llmfi_eq(d->name, name)) continue;
        *list = d->next;
        d->next = NULL;
        return d;
    }
    return NULL;
}

#endif
