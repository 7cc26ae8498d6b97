/* The config's section plugins: {name: {path: plugins/acme.so, sha256: 64 hexadecimal digits}}, or url instead of path. A path that is relative begins at the file's own directory. */
#ifndef LLMFI_FACTORY_PLUGIN_CONFIG_H
#define LLMFI_FACTORY_PLUGIN_CONFIG_H
#include "check.h"
#include "documents.h"
#include "generation.h"

#if LLMF_HAS_PLUGINS

/* One plugin as the config has it. */
typedef struct llmfi_plugin_line {
    llmf_str name, file;
    const llmfi_node *node;
    llmfi_plugin_from from;
    unsigned char sha256[LLMFI_SHA256];
    struct llmfi_plugin_line *next;
} llmfi_plugin_line;

/* A text that is read once the rest is: plugins come first, wherever they stand. */
typedef struct llmfi_later {
    llmf_str file, stem;
    llmfi_node *root;
    bool on_disk;
    struct llmfi_later *next;
} llmfi_later;

static const llmfi_key llmfi_plugin_keys[] = {
    {"path", LLMFI_KEY_TEXT, LLMFI_KEY_APART, LLMFI_KEY_NONE, 0, 0, LLMFI_WHAT("of the shared object")},
    {"url", LLMFI_KEY_TEXT, LLMFI_KEY_APART, LLMFI_KEY_NONE, 0, 0, LLMFI_WHAT("where it is fetched from instead")},
    {"sha256", LLMFI_KEY_TEXT, LLMFI_KEY_APART, LLMFI_KEY_NONE, 0, 0, LLMFI_WHAT("of its bytes")},
};
enum { LLMFI_PLUGIN_PATH, LLMFI_PLUGIN_URL, LLMFI_PLUGIN_SHA256 };

static int llmfi_hex_digit(char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* A digest that happens to look like a number is one to the reader: its text is as it was written. */
static bool llmfi_check_digest(const llmfi_check *k, const llmfi_node *n, unsigned char *to) {
    size_t i;
    bool ok = (n->type == LLMFI_STRING || n->type == LLMFI_NUMBER) && n->text.len == (size_t)2 * LLMFI_SHA256;
    for (i = 0; ok && i < n->text.len; i += 2) {
        int high = llmfi_hex_digit(n->text.ptr[i]), low = llmfi_hex_digit(n->text.ptr[i + 1]);
        ok = high >= 0 && low >= 0;
        if (ok) to[i / 2] = (unsigned char)(high << 4 | low);
    }
    return ok || llmfi_check_bad(k, n, "sha256", "must be 64 hexadecimal digits: what `sha256sum` says of the file");
}

/* A path as it is opened. */
static bool llmfi_plugin_path(const llmfi_check *k, llmf_str path, llmf_str *to) {
    size_t folder = k->file.len;
    char *at;
    while (folder && k->file.ptr[folder - 1] != '/') folder--;
    if (path.ptr[0] == '/') folder = 0;
    at = (char *)llmfi_arena_alloc(k->arena, folder + path.len + 1);
    if (!at) return false;
    if (folder) memcpy(at, k->file.ptr, folder);
    memcpy(at + folder, path.ptr, path.len);
    at[folder + path.len] = '\0';
    *to = llmfi_str(at, folder + path.len);
    return true;
}

/* A relative path begins where the file that has it is: with a config from elsewhere that is no place on this machine. */
static bool llmfi_check_plugin_path(const llmfi_check *k, const llmfi_node *n, llmfi_plugin_line *line) {
    llmf_str rest;
    int from = llmfi_source_kind(k->file, &rest);
    if (from < LLMFI_SRC_HTTP || from == LLMFI_SRC_HOOK) return llmfi_plugin_path(k, n->text, &line->from.path);
    if (n->text.ptr[0] != '/' && (from == LLMFI_SRC_S3 || llmfi_starts(k->file, LLMFI_LIT("https:")))) return llmfi_plugin_path(k, n->text, &line->from.url);
    return llmfi_check_bad(k, n, "path", "names a file of this machine, which a config from elsewhere may not; give its url");
}

static bool llmfi_check_plugin_member(const llmfi_check *k, llmfi_node *n, llmfi_plugin_line *line) {
    llmfi_nearest near_names = llmfi_nearest_to(n->key);
    bool from_variable = false;
    size_t i;
    for (i = 0; i < LLMFI_COUNT(llmfi_plugin_keys); i++) {
        if (llmfi_eq(n->key, llmfi_cstr(llmfi_plugin_keys[i].name))) break;
        llmfi_nearest_try(&near_names, llmfi_cstr(llmfi_plugin_keys[i].name));
    }
    if (i == LLMFI_COUNT(llmfi_plugin_keys)) {
        llmfi_check_unknown(k, n, "key", &near_names);
        return false;
    }
    if (!llmfi_expand(k, n, &from_variable)) return false;
    if (i == LLMFI_PLUGIN_SHA256) return llmfi_check_digest(k, n, line->sha256);
    if (!llmfi_check_filled(k, &llmfi_plugin_keys[i], n)) return false;
    if (i == LLMFI_PLUGIN_PATH) return llmfi_check_plugin_path(k, n, line);
    line->from.url = n->text;
    return llmfi_starts(n->text, LLMFI_LIT("https://")) || llmfi_starts(n->text, LLMFI_LIT("s3://")) || llmfi_starts(n->text, LLMFI_LIT("ssm:")) ||
           llmfi_check_bad(k, n, "url", "must begin with https://, s3:// or ssm:; a file on this machine is a path");
}

static bool llmfi_check_plugin(const llmfi_check *k, llmfi_node *entry, llmfi_plugin_line *line) {
    llmfi_node *n;
    bool ok = true;
    if (!llmfi_provider_name_ok(entry->key)) {
        llmfi_report_at(k->report, k->file, entry->key_line, entry->key_column, "a plugin's name has letters, digits, _ - and . only, at most 64 of them");
        return false;
    }
    if (llmfi_starts(k->file, LLMFI_LIT("http:")))
        return llmfi_check_bad(k, entry, "a plugin", "is not taken from a config that came over http://, as anybody on the way could have written it; use https://");
    if (entry->type != LLMFI_OBJECT) return llmfi_check_bad(k, entry, "a plugin", "must be a mapping with path, or url, and sha256");
    for (n = entry->child; n; n = n->next)
        if (!llmfi_check_plugin_member(k, n, line)) ok = false;
    if (!ok) return false;
    if (!line->from.path.len == !line->from.url.len) return llmfi_check_bad(k, entry, "a plugin", "needs path or url, one of them: where its shared object is");
    return llmfi_member(entry, LLMFI_LIT("sha256")) || llmfi_check_bad(k, entry, "a plugin", "needs sha256: 64 hexadecimal digits, what `sha256sum` says of the file; nothing else is loaded");
}

/* A section: what a later source says of a plugin takes the place of what an earlier one said. */
static void llmfi_read_plugins(const llmfi_check *k, llmfi_node *section, llmfi_plugin_line **lines) {
    llmfi_node *n;
    if (!llmfi_wants_object(k, section, " must be a mapping of names to plugins")) return;
    for (n = section->child; n; n = n->next) {
        llmfi_plugin_line *line, **link = lines;
        if (n->type == LLMFI_NULL) continue;
        line = (llmfi_plugin_line *)llmfi_arena_alloc(k->arena, sizeof *line);
        if (!line || !llmfi_check_plugin(k, n, line)) continue;
        line->name = n->key;
        line->file = k->file;
        line->node = n;
        while (*link && !llmfi_eq((*link)->name, line->name)) link = &(*link)->next;
        line->next = *link ? (*link)->next : NULL;
        *link = line;
    }
}

/* ---- what they bring ---- */

static bool llmfi_config_add_provider(llmfi_config *c, const llmf_provider_desc *d, llmf_error *err);

static bool llmfi_plugin_clash(llmf_error *err, const char *what, llmf_str name, const char *whose) {
    llmfi_text t = llmfi_error_begin(err, LLMF_ERR_CONFIG);
    llmfi_say_c(&t, what);
    llmfi_say(&t, name);
    llmfi_say_c(&t, whose);
    return false;
}

/* Laid below all that the sources say: variables outrank it, as they do the table. */
static bool llmfi_join_provider(llmfi_config *c, const llmf_provider_desc *d, llmf_error *err) {
    llmf_str name = llmfi_cstr(d->name), dialect = llmfi_cstr(d->dialect);
    if (!llmfi_plugin_name_ok(d->name) || !d->dialect || !d->base_url) return llmfi_plugin_clash(err, "its providers need name, dialect and base_url, and one lacks them: ", llmfi_plugin_name_ok(d->name) ? name : LLMFI_LIT("(no name)"), "");
    if (llmfi_config_provider(c, name)) return llmfi_plugin_clash(err, "its provider ", name, " is another plugin's too; use one of the two");
    if (llmfi_find_provider_row(name) >= 0 || llmfi_left_out_name(name).len) return llmfi_plugin_clash(err, "its provider ", name, " is one of the library's own; it needs another name");
    if (!llmfi_config_dialect(c, dialect) && llmfi_find_dialect_row(dialect) < 0)
        return llmfi_plugin_clash(err, "its provider ", name, " speaks a dialect that neither the library nor a plugin before it has; look at its dialects");
    if (c->arena.failed) return llmfi_error_memory(err);
    if (!llmfi_config_add_provider(c, d, err)) return false;
    llmfi_provider_variables(c, c->providers);
    return !c->arena.failed || llmfi_error_memory(err);
}

/* A plugin that is loaded becomes part of this generation, which then holds it. */
static bool llmfi_join_plugin(llmfi_config *c, llmfi_plugin *p, llmf_error *err) {
    llmf_provider_desc d;
    llmf_str name;
    size_t i;
    for (i = 0; i < c->plugin_count; i++)
        if (c->plugins[i] == p) return llmfi_error_set(err, LLMF_ERR_CONFIG, "another plugin of this config has the same sha256; name it once");
    for (i = 0; i < p->face.dialect_count; i++) {
        name = llmfi_cstr(p->dialects[i].name);
        if (llmfi_find_dialect_row(name) >= 0) return llmfi_plugin_clash(err, "its dialect ", name, " is one of the library's own; it needs another name");
        if (llmfi_config_dialect(c, name)) return llmfi_plugin_clash(err, "its dialect ", name, " is another plugin's too; use one of the two");
    }
    c->plugins[c->plugin_count++] = p;
    p->references++;
    for (i = 0; i < p->face.provider_count; i++) {
        llmfi_plugin_item(p->face.providers, p->face.provider_size, i, &d, sizeof d);
        if (!llmfi_join_provider(c, &d, err)) return false;
    }
    return true;
}

/* Loads what the sources name, for this generation. set NULL: nothing is loaded. */
static void llmfi_join_plugins(llmfi_config *c, llmfi_plugins *set, const llmfi_plugin_line *line, llmfi_report *report) {
    c->plugins_unknown = line && (!set || report->problems); /* of a config that is refused anyway nothing is loaded */
    for (; line && !c->plugins_unknown; line = line->next) {
        llmf_error err, why;
        llmfi_text t;
        llmfi_plugin *p = NULL;
        if (c->plugin_count == LLMF_MAX_PLUGINS) llmfi_error_set(&why, LLMF_ERR_LIMIT, "the config has more plugins than LLMF_MAX_PLUGINS");
        else p = llmfi_plugin_get(set, &line->from, line->sha256, &why);
        if (p && llmfi_join_plugin(c, p, &why)) continue;
        t = llmfi_report_begin(&err, line->file, line->node->key_line, line->node->key_column, false);
        err.code = why.code == LLMF_ERR_ARGUMENT ? LLMF_ERR_CONFIG : why.code; /* the mistake is not the program's */
        LLMFI_SAY(&t, "plugin ");
        llmfi_say(&t, line->name);
        LLMFI_SAY(&t, ": ");
        llmfi_say_c(&t, why.text);
        llmfi_report_end(report, &err, false);
        c->plugins_unknown = true;
    }
}

#endif
#endif
