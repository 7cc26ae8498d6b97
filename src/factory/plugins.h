/* Plugins that a factory has loaded: found by their digests, checked before anything of them counts, and kept until nothing can be running in them. See plugin_api.h. */
#ifndef LLMFI_FACTORY_PLUGINS_H
#define LLMFI_FACTORY_PLUGINS_H
#include "../base/mem.h"
#include "../options.h"
#include "../plugin_api.h"
#include "../base/shared_object.h"

#if LLMF_HAS_PLUGINS

/* Of one config. Twice as many may be loaded: a reload has the new ones beside the old. */
#ifndef LLMF_MAX_PLUGINS
#define LLMF_MAX_PLUGINS 8
#endif

typedef struct llmfi_plugin {
    llmfi_so so;
    unsigned char sha256[LLMFI_SHA256];
    llmf_plugin face;                        /* a copy: what an older one does not have is zero */
    llmf_dialect *dialects;                  /* copies, likewise */
    int references;                          /* generations of the config that it stands in */
    bool kept;                               /* one of them was accepted */
    bool opened;                             /* `open` has returned: `close` is due */
    struct llmfi_plugin *next;
} llmfi_plugin;

/* Bytes from elsewhere: gives them to llmfi_so_add, piece by piece. False with *err. */
typedef bool (*llmfi_plugin_fetch_fn)(void *user, llmf_str url, llmfi_so *into, llmf_error *err);

typedef struct llmfi_plugins {
    llmfi_heap *heap;
    const llmf_host *host;                   /* what they may call */
    llmfi_plugin_fetch_fn fetch;             /* for `url`; NULL: nobody can */
    void *fetch_user;
    llmfi_plugin *first;
    int count;
} llmfi_plugins;

/* ---- what it says of itself ---- */

static bool llmfi_plugin_bad(llmf_error *err, int code, const char *what, const char *name) {
    llmfi_text t = llmfi_error_begin(err, code);
    llmfi_say_c(&t, what);
    if (!name) return false;
    LLMFI_SAY(&t, ": ");
    llmfi_say(&t, llmfi_str(name, llmfi_strlen(name) < 80 ? llmfi_strlen(name) : 80));
    return false;
}

/* Both numbers, and what to do. */
static bool llmfi_plugin_other_abi(llmf_error *err, uint32_t abi) {
    llmfi_text t = llmfi_error_begin(err, LLMF_ERR_CONFIG);
    LLMFI_SAY(&t, "it has ABI ");
    llmfi_say_int(&t, (int64_t)abi);
    LLMFI_SAY(&t, ", and this program's llmfactory.h ABI ");
    llmfi_say_int(&t, LLMF_ABI);
    LLMFI_SAY(&t, "; compile it with the program's llmfactory.h, and write the new sha256 into the config");
    return false;
}

/* Its entry: only the two numbers at its front may be looked at before they are known to be right. */
static bool llmfi_plugin_face(llmfi_plugin *p, llmf_error *err) {
    const llmf_plugin *face = (const llmf_plugin *)llmfi_so_symbol(&p->so, "llmf_plugin_entry");
    uint32_t head[2];
    if (!face) return llmfi_plugin_bad(err, LLMF_ERR_CONFIG, "it exports no llmf_plugin_entry; is it a plugin of llmfactory, compiled with LLMF_PLUGIN?", NULL);
    memcpy(head, face, sizeof head);
    if (head[0] != LLMF_ABI) return llmfi_plugin_other_abi(err, head[0]);
    if (head[1] < offsetof(llmf_plugin, close) + sizeof face->close)
        return llmfi_plugin_bad(err, LLMF_ERR_CONFIG, "its llmf_plugin_entry is too short; begin it with LLMF_PLUGIN_HEAD", NULL);
    memcpy(&p->face, face, head[1] < sizeof p->face ? head[1] : sizeof p->face);
    face = &p->face;
    if (face->size > sizeof *face || face->host_size > sizeof(llmf_host) || face->request_size > sizeof(llmf_request) || face->info_size > sizeof(llmf_model_info) ||
        face->dialect_size > sizeof(llmf_dialect) || face->provider_size > sizeof(llmf_provider_desc))
        return llmfi_plugin_bad(err, LLMF_ERR_CONFIG, "it was compiled with a later llmfactory.h than this program; compile it with the program's, or the program with the later one", NULL);
    if (!face->host || face->dialect_size < offsetof(llmf_dialect, on_frame) + sizeof(void (*)(void)) || face->provider_size < offsetof(llmf_provider_desc, config) + sizeof(char *))
        return llmfi_plugin_bad(err, LLMF_ERR_CONFIG, "its llmf_plugin_entry does not begin with LLMF_PLUGIN_HEAD", NULL);
    return true;
}

static bool llmfi_plugin_name_ok(const char *name) {
    size_t i;
    for (i = 0; name && name[i]; i++) {
        char c = name[i];
        if (i == 64 || !((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.')) return false;
    }
    return name && i > 0;
}

/* The i-th of its dialects or providers, with zeros for what it does not know yet. */
static void llmfi_plugin_item(const void *items, uint32_t size, size_t i, void *to, size_t to_size) {
    memset(to, 0, to_size);
    memcpy(to, (const char *)items + i * size, size);
}

static bool llmfi_plugin_dialects(const llmfi_plugins *set, llmfi_plugin *p, llmf_error *err) {
    const llmf_plugin *face = &p->face;
    size_t i, k;
    if (face->dialect_count > LLMF_MAX_REGISTERED || face->provider_count > LLMF_MAX_REGISTERED)
        return llmfi_plugin_bad(err, LLMF_ERR_LIMIT, "it has more dialects or providers than LLMF_MAX_REGISTERED", NULL);
    if ((face->dialect_count && !face->dialects) || (face->provider_count && !face->providers))
        return llmfi_plugin_bad(err, LLMF_ERR_CONFIG, "it counts dialects or providers, but dialects or providers is NULL", NULL);
    if (!face->dialect_count && !face->provider_count) return llmfi_plugin_bad(err, LLMF_ERR_CONFIG, "it has neither dialects nor providers", NULL);
    p->dialects = (llmf_dialect *)llmfi_heap_alloc(set->heap, (face->dialect_count + 1) * sizeof *p->dialects);
    if (!p->dialects) return llmfi_error_memory(err);
    for (i = 0; i < face->dialect_count; i++) {
        llmf_dialect *d = &p->dialects[i];
        llmfi_plugin_item(face->dialects, face->dialect_size, i, d, sizeof *d);
        if (!llmfi_plugin_name_ok(d->name)) return llmfi_plugin_bad(err, LLMF_ERR_CONFIG, "one of its dialects has no name, or one with other characters than letters, digits, _ - and .", NULL);
        if (!d->body || !d->on_frame) return llmfi_plugin_bad(err, LLMF_ERR_CONFIG, "a dialect needs body and on_frame, and this one of it lacks them", d->name);
        if (d->framing < LLMF_FRAMING_JSON || d->framing > LLMF_FRAMING_JSON_ARRAY || d->stream_framing < LLMF_FRAMING_JSON || d->stream_framing > LLMF_FRAMING_JSON_ARRAY)
            return llmfi_plugin_bad(err, LLMF_ERR_CONFIG, "the framing of this dialect of it is no LLMF_FRAMING_ value", d->name);
        for (k = 0; k < i; k++)
            if (llmfi_strcmp(p->dialects[k].name, d->name) == 0) return llmfi_plugin_bad(err, LLMF_ERR_CONFIG, "it has two dialects of the same name", d->name);
    }
    return true;
}

/* ---- loading ---- */

static void llmfi_plugin_unload(llmfi_plugins *set, llmfi_plugin *p) {
    llmfi_plugin **link = &set->first;
    while (*link && *link != p) link = &(*link)->next;
    if (*link) {
        *link = p->next;
        set->count--;
    }
    if (p->opened && p->face.close) p->face.close();
    llmfi_heap_free(set->heap, p->dialects);
    llmfi_so_close(&p->so);
    llmfi_heap_free(set->heap, p);
}

/* One more may be loaded: where there are too many, one that no config has any more goes. */
static bool llmfi_plugin_room(llmfi_plugins *set, llmf_error *err) {
    llmfi_plugin *p = set->first;
    if (set->count < 2 * LLMF_MAX_PLUGINS) return true;
    while (p && p->references) p = p->next;
    if (!p) return llmfi_error_set(err, LLMF_ERR_LIMIT, "twice as many plugins as LLMF_MAX_PLUGINS are loaded: calls of before a reload still use some");
    llmfi_plugin_unload(set, p);
    return true;
}

/* From the bytes on: loads, looks at what it says, opens. */
static bool llmfi_plugin_start(llmfi_plugins *set, llmfi_plugin *p, llmf_error *err) {
    const char *why = NULL;
    if (!llmfi_so_load(&p->so, p->sha256, err) || !llmfi_plugin_face(p, err)) return false;
    if (!llmfi_plugin_name_ok(p->face.name))
        return llmfi_plugin_bad(err, LLMF_ERR_CONFIG, "its name is missing, or has other characters than letters, digits, _ - and .", NULL);
    *p->face.host = set->host;
    if (p->face.open) why = p->face.open();
    if (why) return llmfi_plugin_bad(err, LLMF_ERR_CONFIG, "it does not open", why);
    p->opened = true;
    return llmfi_plugin_dialects(set, p, err);
}

/* Where the bytes are. One of them is set. */
typedef struct llmfi_plugin_from {
    llmf_str path;                           /* NUL behind it */
    llmf_str url;
    llmf_str bytes;
} llmfi_plugin_from;

static bool llmfi_plugin_bytes(llmfi_plugins *set, llmfi_plugin *p, const llmfi_plugin_from *from, llmf_error *err) {
    if (from->path.len) return llmfi_so_add_file(&p->so, from->path, err);
    if (!from->url.len) return llmfi_so_add(&p->so, from->bytes.ptr, from->bytes.len, err);
    if (set->fetch) return set->fetch(set->fetch_user, from->url, &p->so, err);
    return llmfi_error_set(err, LLMF_ERR_NOT_BUILT, "a plugin from a url needs sources, which this build does not have; give it a path");
}

/* The plugin of that digest: the one that is loaded already, or else it is loaded. NULL with *err: then nothing of it is there. */
LLMFI_UNUSED static llmfi_plugin *llmfi_plugin_get(llmfi_plugins *set, const llmfi_plugin_from *from, const unsigned char sha256[LLMFI_SHA256], llmf_error *err) {
    llmfi_plugin *p = set->first;
    int saved = LLMFI_ERRNO;
    bool ok;
    while (p && memcmp(p->sha256, sha256, sizeof p->sha256) != 0) p = p->next;
    if (p) return p;
    if (!llmfi_plugin_room(set, err)) return NULL;
    p = (llmfi_plugin *)llmfi_heap_alloc(set->heap, sizeof *p);
    if (!p) {
        llmfi_error_memory(err);
        return NULL;
    }
    memset(p, 0, sizeof *p);
    memcpy(p->sha256, sha256, sizeof p->sha256);
    ok = llmfi_so_begin(&p->so, err) && llmfi_plugin_bytes(set, p, from, err) && llmfi_plugin_start(set, p, err);
    if (ok) {
        p->next = set->first;
        set->first = p;
        set->count++;
    } else {
        llmfi_plugin_unload(set, p);
        p = NULL;
    }
    LLMFI_SET_ERRNO(saved);
    return p;
}

/* Those that were loaded for a config that is not accepted go again. */
LLMFI_UNUSED static void llmfi_plugins_drop(llmfi_plugins *set) {
    llmfi_plugin *p, *next;
    for (p = set->first; p; p = next) {
        next = p->next;
        if (!p->kept && !p->references) llmfi_plugin_unload(set, p);
    }
}

LLMFI_UNUSED static void llmfi_plugins_close(llmfi_plugins *set) {
    while (set->first) llmfi_plugin_unload(set, set->first);
}

#endif
#endif
