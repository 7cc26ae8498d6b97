/* All config sources read into one generation: models.def < the providers' variables < sources in their order < llmf_desc < the request.
   Whatever is wrong is told with its place, and reading goes on. */
#ifndef LLMFI_FACTORY_CONFIG_H
#define LLMFI_FACTORY_CONFIG_H
#include "../base/json_tree.h"
#include "../options.h"
#if LLMF_HAS_YAML
#include "../base/yaml.h"
#endif
#include "budgets.h"
#include "check.h"
#include "documents.h"
#include "generation.h"
#include "prompts.h"
#include "plugin_config.h"
#include "routes.h"
#include "sense.h"

#if LLMF_HAS_CONFIG

/* What a file may hold at its top, besides the keys of one model. */
static const char *const llmfi_sections[] = {"models", "providers", "fallbacks", "routes", "budgets", "prompts", "chains", "plugins", "default_model", "default_provider"};

typedef struct llmfi_loader {
    llmfi_config *c;
    llmfi_report report;
    llmfi_references references;
    llmfi_chains chains;
    bool on_disk;                            /* the text at hand is a file's */
#if LLMF_HAS_PLUGINS
    llmfi_plugins *plugins;                  /* NULL: none is loaded */
    llmfi_plugin_line *plugin_lines;
    llmfi_later *later;
#endif
    bool memory;                             /* was refused: nothing that follows counts */
} llmfi_loader;

static llmfi_check llmfi_loader_check(llmfi_loader *l, llmf_str file) {
    llmfi_check k;
    k.arena = &l->c->arena;
    k.env = l->c->env;
    k.report = &l->report;
    k.file = file;
    k.on_disk = l->on_disk;
    k.references = &l->references;
    return k;
}

/* Lays a checked entry over a provider. */
static void llmfi_provider_apply(llmfi_provider *p, llmfi_node *entry) {
    const llmfi_node *dialect = llmfi_member(entry, LLMFI_LIT("dialect"));
    bool key = llmfi_member(entry, LLMFI_LIT("api_key_env_var")) || llmfi_member(entry, LLMFI_LIT("api_key")) || llmfi_member(entry, LLMFI_LIT("api_key_file")) ||
               llmfi_member(entry, LLMFI_LIT("api_key_secret_name")) || llmfi_member(entry, LLMFI_LIT("api_key_command"));
    if (dialect && dialect->type == LLMFI_STRING && !llmfi_eq(dialect->text, p->dialect)) llmfi_provider_dialect(p, dialect->text);
    if (key && p->row < 0) p->quirks &= ~(uint32_t)LLMFI_Q_NO_KEY_NEEDED;
    llmfi_apply(entry, LLMFI_OF_PROVIDER, p);
    p->from_config = true;
    if (p->node) llmfi_merge((llmfi_node *)(uintptr_t)p->node, entry);
    else p->node = entry;
}

static bool llmfi_load_provider(llmfi_loader *l, const llmfi_check *k, llmfi_node *entry) {
    llmfi_provider *p = llmfi_config_provider(l->c, entry->key);
    llmfi_nearest near_names;
    llmf_error err;
    llmfi_text t;
    bool fresh = !p, ok = llmfi_check_entry(k, entry, LLMFI_OF_PROVIDER, NULL, 0);
    const llmfi_node *url = llmfi_member(entry, LLMFI_LIT("base_url")), *key = llmfi_entry_key(entry);
    if (entry->type != LLMFI_OBJECT) return false;
    if (!llmfi_provider_name_ok(entry->key)) {
        llmfi_report_at(&l->report, k->file, entry->key_line, entry->key_column, "a provider's name must have letters, digits, _ - and . only, at most 64 of them");
        return false;
    }
    if (!p) p = llmfi_provider_new(l->c, entry->key);
    if (!p) return false;
    if (fresh && p->row < 0 && ok && (!llmfi_member(entry, LLMFI_LIT("dialect")) || !llmfi_member(entry, LLMFI_LIT("base_url")))) {
        near_names = llmfi_nearest_to(entry->key);
        llmfi_nearest_providers(l->c, &near_names);
        t = llmfi_report_begin(&err, k->file, entry->key_line, entry->key_column, llmfi_plugins_unknown(l->c));
        LLMFI_SAY(&t, "the provider ");
        llmfi_say(&t, entry->key);
        LLMFI_SAY(&t, " is new: it needs the keys dialect and base_url");
        llmfi_nearest_say(&near_names, &t);
        if (llmfi_plugins_unknown(l->c)) LLMFI_SAY(&t, "; or a plugin, none of which is loaded here, must have it");
        llmfi_report_end(&l->report, &err, llmfi_plugins_unknown(l->c));
        ok = llmfi_plugins_unknown(l->c);
    }
    llmfi_provider_apply(p, entry);
    llmfi_sense_provider(k, l->c, p, url, key);
    if (fresh) llmfi_provider_append(l->c, p);
    return ok;
}

/* ---- models ---- */

static void llmfi_load_model(llmfi_loader *l, const llmfi_check *k, llmf_str key, llmfi_node *entry, bool flat) {
    llmfi_entry *e;
    const llmfi_node *name;
    bool ok = llmfi_check_entry(k, entry, LLMFI_OF_MODEL, flat ? llmfi_sections : NULL, flat ? LLMFI_COUNT(llmfi_sections) : 0);
    if (entry->type != LLMFI_OBJECT || (!ok && !key.len)) return;
    if (!key.len || llmfi_trim(key).len != key.len || llmfi_find_control(key, 0) != LLMFI_NOWHERE) {
        llmfi_report_at(&l->report, k->file, entry->key_line ? entry->key_line : entry->line, entry->key_line ? entry->key_column : entry->column,
                        key.len ? "a model's key must have no blanks at its ends and no control characters" : "this model has no key; give it the key name");
        return;
    }
    e = llmfi_entry_of_key(l->c, key);
    if (!e) {
        e = llmfi_entry_add(l->c, key, entry);
        if (!e) return;
    } else {
        e->node->line = entry->line;
        e->node->column = entry->column;
        e->node->key_line = entry->key_line;
        e->node->key_column = entry->key_column;
        llmfi_merge(e->node, entry);
    }
    e->file = k->file;
    e->broken = e->broken || !ok;
    name = llmfi_member(e->node, LLMFI_LIT("name"));
    e->name = name && name->type == LLMFI_STRING ? name->text : llmfi_str("", 0);
}

/* ---- sections ---- */

static void llmfi_load_models(llmfi_loader *l, const llmfi_check *k, llmfi_node *section) {
    llmfi_node *n, *next;
    bool list = section->type == LLMFI_ARRAY;
    if (!list && !llmfi_wants_object(k, section, " must be a mapping of names to models")) return;
    for (n = section->child; n; n = next) {
        next = n->next;
        llmfi_load_model(l, k, list ? llmfi_entry_text(n, "name") : n->key, n, false);
    }
}

static void llmfi_load_providers(llmfi_loader *l, const llmfi_check *k, llmfi_node *section) {
    llmfi_node *n, *next;
    if (!llmfi_wants_object(k, section, " must be a mapping of names to providers")) return;
    for (n = section->child; n; n = next) {
        next = n->next;
        llmfi_load_provider(l, k, n);
    }
}

/* {model: [names]}: all of them must resolve, the keys too. */
static void llmfi_load_fallbacks(llmfi_loader *l, const llmfi_check *k, llmfi_node *section) {
    static const llmfi_key key = {"fallbacks", LLMFI_KEY_NAMES, LLMFI_KEY_APART, LLMFI_KEY_APART, 0, 0, LLMFI_WHAT("names to try next, by the name of the model that failed")};
    llmfi_node *n, *name, **link;
    if (!llmfi_wants_object(k, section, " must be a mapping of names to lists of names")) return;
    for (link = &section->child; (n = *link) != NULL;) {
        name = (llmfi_node *)llmfi_arena_alloc(&l->c->arena, sizeof *name);
        if (!name || !llmfi_check_value(k, &key, n) || n->type != LLMFI_ARRAY) {
            *link = n->next;
            continue;
        }
        name->type = LLMFI_STRING;
        name->text = n->key;
        name->line = n->key_line;
        name->column = n->key_column;
        llmfi_refer(k, name, LLMFI_REFERS_MODEL, false);
        link = &n->next;
    }
    llmfi_merge(l->c->fallbacks, section);
}

static void llmfi_load_default(const llmfi_check *k, llmfi_node *n, bool model, llmf_str *to) {
    static const llmfi_key keys[] = {{"default_provider", LLMFI_KEY_TEXT, LLMFI_KEY_APART, LLMFI_KEY_NONE, 0, 0, LLMFI_WHAT("the provider of names that say none")},
                                     {"default_model", LLMFI_KEY_TEXT, LLMFI_KEY_APART, LLMFI_KEY_NONE, 0, 0, LLMFI_WHAT("the model where a program names none")}};
    bool from_variable = n->type == LLMFI_STRING && llmfi_has_hole(n->text);
    if (n->type == LLMFI_NULL || !llmfi_check_value(k, &keys[model], n)) return;
    *to = n->text;
    llmfi_refer(k, n, model ? LLMFI_REFERS_MODEL : LLMFI_REFERS_PROVIDER, from_variable);
}

#if LLMF_HAS_PLUGINS
/* They have been read already, before everything else. */
static void llmfi_load_plugins(const llmfi_check *k, const llmfi_node *n) {
    (void)k, (void)n;
}
#else
static void llmfi_load_plugins(const llmfi_check *k, const llmfi_node *n) {
    llmf_error err;
    llmfi_text t = llmfi_check_begin_key(k, &err, n);
    err.code = LLMF_ERR_NOT_BUILT;
    llmfi_say_c(&t, "plugins: left out of this build: build with LLMF_WITH_PLUGINS=1");
    llmfi_report_end(k->report, &err, false);
}
#endif

static void llmfi_load_section(llmfi_loader *l, const llmfi_check *k, llmfi_node *n) {
    llmfi_config *c = l->c;
    llmfi_nearest near_names;
    size_t i;
    if (LLMFI_IS(n->key, "models")) llmfi_load_models(l, k, n);
    else if (LLMFI_IS(n->key, "providers")) llmfi_load_providers(l, k, n);
    else if (LLMFI_IS(n->key, "fallbacks")) llmfi_load_fallbacks(l, k, n);
    else if (LLMFI_IS(n->key, "routes")) llmfi_load_routes(k, c, n);
    else if (LLMFI_IS(n->key, "budgets")) llmfi_load_budgets(k, c, n);
    else if (LLMFI_IS(n->key, "prompts")) llmfi_load_prompts(k, c, n);
    else if (LLMFI_IS(n->key, "chains")) llmfi_load_chains(k, c, n);
    else if (LLMFI_IS(n->key, "plugins")) llmfi_load_plugins(k, n);
    else if (LLMFI_IS(n->key, "default_model")) llmfi_load_default(k, n, true, &c->default_model);
    else if (LLMFI_IS(n->key, "default_provider")) llmfi_load_default(k, n, false, &c->default_provider);
    else if (llmfi_find_key(n->key, LLMFI_OF_MODEL)) {
        llmf_error err;
        llmfi_text t = llmfi_check_begin_key(k, &err, n);
        LLMFI_SAY(&t, "the key ");
        llmfi_say(&t, n->key);
        LLMFI_SAY(&t, " belongs to a model; put it into an entry of models");
        llmfi_report_end(k->report, &err, false);
    } else {
        near_names = llmfi_nearest_to(n->key);
        for (i = 0; i < LLMFI_COUNT(llmfi_sections); i++) llmfi_nearest_try(&near_names, llmfi_cstr(llmfi_sections[i]));
        llmfi_check_unknown(k, n, "section", &near_names);
    }
}

/* ---- texts ---- */

/* A file of sections; else it is one model with its keys at the top. */
static bool llmfi_has_sections(const llmfi_node *root) {
    const llmfi_node *n;
    size_t i;
    for (n = root->child; n; n = n->next) {
        if (LLMFI_IS(n->key, "fallbacks") && n->type != LLMFI_OBJECT) continue; /* a model has a list of that name */
        for (i = 0; i < LLMFI_COUNT(llmfi_sections); i++)
            if (llmfi_eq(n->key, llmfi_cstr(llmfi_sections[i]))) return true;
    }
    return false;
}

/* What to do about what the JSON reader found: by the beginning of its words. Empty: they say it. */
static const char *llmfi_json_mend(const char *what) {
    static const char *const mends[][2] = {
        {"a value or ]", "write a value, or close the list"}, {"a value is expected:", ""}, {"a value", "write null, true, false, a number, text in double quotes, [ or {"},
        {"a key", "write one in double quotes; none stands behind the last comma"}, {": is", "put one there"}, {", or", "put one there"}, {"nothing may", "keep one value in a file, without comments"},
        {"a digit", "write one, as in 1.0"}, {"a number may", "remove it"}, {"four hex", "write four, as in \\u00e9"}, {"unknown escape", "write \\\\ for a backslash"},
        {"half of", "write both halves, or the character itself"}, {"invalid UTF-8", "save the file as UTF-8"}, {"this key", "keep one of the two"}, {"a control", "write \\n or its like, or close the quotes before it"}, {"nested", "flatten it, or raise that option"},
    };
    size_t i;
    for (i = 0; i < LLMFI_COUNT(mends); i++)
        if (llmfi_starts(llmfi_cstr(what), llmfi_cstr(mends[i][0]))) return mends[i][1];
    return "";
}

/* What a reader says, with its place. */
static void llmfi_report_unread(llmfi_report *report, llmf_str file, const llmfi_parse_error *e, bool json) {
    llmf_error err;
    llmfi_text t = llmfi_report_begin(&err, file, e->line, e->column, false);
    const char *mend = json && e->what ? llmfi_json_mend(e->what) : "";
    llmfi_say_c(&t, e->what ? e->what : "cannot be read");
    if (mend[0]) LLMFI_SAY(&t, ": ");
    llmfi_say_c(&t, mend);
    llmfi_report_end(report, &err, false);
}

/* JSON by its name or its first byte, else YAML (of which "{a: 1}" is a form too). NULL where a problem was reported or memory was refused. */
static llmfi_node *llmfi_parse_config(llmfi_arena *a, llmf_str file, llmf_str text, llmfi_report *report) {
    llmfi_parse_error e;
    llmfi_node *root;
    bool json = llmfi_ends(file, LLMFI_LIT(".json"));
    llmf_str front;
    if ((json || !LLMF_HAS_YAML) && llmfi_starts(text, LLMFI_LIT("\xef\xbb\xbf"))) text = llmfi_from(text, 3); /* a byte order mark */
    front = llmfi_trim(text);
    memset(&e, 0, sizeof e);
#if LLMF_HAS_YAML
    root = json ? llmfi_json_parse(a, text, &e, true) : llmfi_yaml_parse(a, text, &e);
    (void)front;
#else
    if (!json && !(front.len && front.ptr[0] == '{')) {
        llmfi_report_at(report, file, 0, 0, "this build reads no YAML (LLMF_NO_YAML); write it as JSON");
        return NULL;
    }
    json = true;
    root = llmfi_json_parse(a, text, &e, true);
#endif
    if (!root && !e.memory && !a->failed) llmfi_report_unread(report, file, &e, json);
    if (!root || root->type == LLMFI_OBJECT) return root;
    llmfi_report_at(report, file, root->line, root->column, "a config is a mapping: keys of a model, or sections such as models and providers");
    return NULL;
}

static void llmfi_load_root(llmfi_loader *l, llmf_str file, llmf_str stem, llmfi_node *root) {
    llmfi_node *n, *next;
    llmfi_check k = llmfi_loader_check(l, file);
    if (!llmfi_has_sections(root)) {
        if (root->child) llmfi_load_model(l, &k, stem.len ? stem : llmfi_entry_text(root, "name"), root, true);
        return;
    }
    for (n = root->child; n; n = next) {
        next = n->next;
        llmfi_load_section(l, &k, n);
    }
}

#if LLMF_HAS_PLUGINS
/* Kept until all plugins are known. */
static void llmfi_load_later(llmfi_loader *l, llmf_str file, llmf_str stem, llmfi_node *root) {
    llmfi_later **link = &l->later, *at = (llmfi_later *)llmfi_arena_alloc(&l->c->arena, sizeof *at);
    llmfi_check k = llmfi_loader_check(l, file);
    llmfi_node *section = (llmfi_node *)(uintptr_t)llmfi_member(root, LLMFI_LIT("plugins"));
    if (!at) return;
    at->file = file;
    at->stem = stem;
    at->root = root;
    at->on_disk = l->on_disk;
    at->next = NULL;
    while (*link) link = &(*link)->next;
    *link = at;
    if (section) llmfi_read_plugins(&k, section, &l->plugin_lines);
}

static void llmfi_load_end_of_texts(llmfi_loader *l) {
    const llmfi_later *at;
    if (l->c->arena.failed) return;
    llmfi_join_plugins(l->c, l->plugins, l->plugin_lines, &l->report);
    for (at = l->later; at; at = at->next) {
        l->on_disk = at->on_disk;
        llmfi_load_root(l, at->file, at->stem, at->root);
    }
    l->on_disk = false;
}
#else
#define llmfi_load_later(l, file, stem, root) llmfi_load_root((l), (file), (stem), (root))
#define llmfi_load_end_of_texts(l) ((void)0)
#endif

static void llmfi_load_text(llmfi_loader *l, llmf_str file, llmf_str stem, llmf_str text) {
    llmfi_node *root = llmfi_parse_config(&l->c->arena, file, text, &l->report);
    if (root) llmfi_load_later(l, file, stem, root);
}

static void llmfi_load_file(llmfi_loader *l, llmf_str path) {
    llmfi_buf text;
    int got;
    llmfi_buf_init(&text, l->c->heap, 0);
    got = llmfi_source_read(path, &text, &l->report);
    if (got == LLMFI_SOURCE_MEMORY) l->memory = true;
    l->on_disk = true;
    if (got == LLMFI_SOURCE_READ) llmfi_load_text(l, path, llmfi_source_stem(path), llmfi_buf_str(&text));
    l->on_disk = false;
    if (text.ptr) llmfi_env_wipe(text.ptr, text.cap);
    llmfi_buf_free(&text);
}

/* A file, or each config file of a directory by name. */
static void llmfi_load_path(llmfi_loader *l, const char *path) {
    llmfi_source_name *names, *n;
    llmf_str kept;
    int got;
    kept = llmfi_arena_copy(&l->c->arena, llmfi_cstr(path));
    if (!kept.len) return;
    got = llmfi_source_list(kept, &l->c->arena, &names, &l->report);
    if (got == LLMFI_SOURCE_MEMORY) l->memory = true;
    if (got == LLMFI_SOURCE_NO_DIRECTORY) llmfi_load_file(l, kept);
    for (n = got == LLMFI_SOURCE_READ ? names : NULL; n && !l->memory && !l->c->arena.failed; n = n->next) llmfi_load_file(l, n->path);
}

static void llmfi_load_variable(llmfi_loader *l, llmf_str uri, llmf_str name) {
    llmf_str text = llmfi_env_get(l->c->env, name);
    if (text.len) llmfi_load_text(l, uri, name, text);
    else llmfi_report_at(&l->report, uri, 0, 0, "this variable is not set, or empty");
}

/* What is behind the last slash, but for its ending and a query, is the key of a document that is one model. */
static void llmfi_load_document(llmfi_loader *l, const llmfi_document *d) {
    llmf_str name = llmfi_arena_copy(&l->c->arena, d->name), stem = name;
    size_t query = llmfi_find_char(stem, '?');
    if (query != LLMFI_NOWHERE) stem.len = query;
    if (name.len) llmfi_load_text(l, name, llmfi_source_stem(stem), d->text);
}

static void llmfi_load_source(llmfi_loader *l, size_t at, const char *uri, const llmfi_document *documents) {
    llmf_str whole = llmfi_arena_copy(&l->c->arena, llmfi_cstr(uri)), rest;
    const llmfi_document *d;
    if (!whole.len) return;
    switch (llmfi_source_kind(whole, &rest)) {
    case LLMFI_SRC_FILE: llmfi_load_path(l, rest.ptr); return;
    case LLMFI_SRC_ENV: llmfi_load_variable(l, whole, rest); return;
    case LLMFI_SRC_TEXT: llmfi_load_text(l, LLMFI_LIT("text:"), llmfi_str("", 0), rest); return;
    default: break;
    }
    if (!LLMF_HAS_SOURCES) llmfi_report_at(&l->report, whole, 0, 0, "this build reads no config from a network (LLMF_NO_SOURCES): give it as a file, or build with that option");
    for (d = documents; d && !l->memory && !l->c->arena.failed; d = d->next)
        if (d->source == at) llmfi_load_document(l, d);
}

/* ---- when all is read ---- */

static void llmfi_check_reference(llmfi_loader *l, const llmfi_reference *r) {
    llmfi_record record;
    llmf_error why, err;
    llmfi_text t;
    bool model = r->of != LLMFI_REFERS_PROVIDER, maybe = llmfi_plugins_unknown(l->c);
    if (llmfi_find_control(r->node->text, 0) != LLMFI_NOWHERE) {
        llmfi_report_at(&l->report, r->file, r->node->line, r->node->column, "this name holds a control character; remove it");
        return;
    }
    if (llmfi_check_prompt_reference(l->c, &l->report, r)) return;
    if (llmfi_check_route_reference(l->c, &l->report, r)) return;
    if (model ? llmfi_resolve_name(l->c, r->node->text, &record, &why) : llmfi_config_knows(l->c, r->node->text)) return;
    if (model && why.code != LLMF_ERR_UNKNOWN_MODEL && why.code != LLMF_ERR_UNKNOWN_PROVIDER) return; /* told elsewhere, or not built: no fault of the file */
    t = llmfi_report_begin(&err, r->file, r->node->line, r->node->column, maybe);
    err.code = model ? LLMF_ERR_UNKNOWN_MODEL : LLMF_ERR_UNKNOWN_PROVIDER;
    if (r->secret) llmfi_say(&t, model ? LLMFI_LIT("the variable here names no known model; look at its value") : LLMFI_LIT("the variable here names no known provider; look at its value"));
    else if (model) llmfi_say_c(&t, why.text);
    else llmfi_unknown_provider(l->c, r->node->text, &t);
    if (maybe) LLMFI_SAY(&t, "; or it is a plugin's, none of which is loaded here");
    llmfi_report_end(&l->report, &err, maybe);
}

/* Each model has a provider and an id; a provider that is left out gets its place in the list, so that it can be shown. */
static void llmfi_check_model(llmfi_loader *l, const llmfi_entry *e) {
    llmfi_record record;
    llmf_error why, err;
    llmfi_text t;
    llmf_str name = llmfi_entry_provider_name(l->c, e);
    if (name.len && !llmfi_config_provider(l->c, name) && llmfi_find_provider_row(name) >= 0) {
        llmfi_provider *p = llmfi_provider_new(l->c, name);
        if (p) llmfi_provider_append(l->c, p);
    }
    if (llmfi_record_of_entry(l->c, e, &record, &why)) {
        llmfi_chain_add(l->c, &l->chains, e->key, record.fallbacks);
        llmfi_sense_model(l->c, &l->report, e, &record);
        llmfi_sense_prices(&l->report, e, &record);
        return;
    }
    if (e->broken || why.code != LLMF_ERR_CONFIG) return;
    t = e->node->key_line ? llmfi_report_begin(&err, e->file, e->node->key_line, e->node->key_column, false)
                          : llmfi_report_begin(&err, e->file, e->node->line, e->node->column, false);
    llmfi_say_c(&t, why.text);
    llmfi_report_end(&l->report, &err, false);
}

static void llmfi_load_end(llmfi_loader *l) {
    const llmfi_reference *r;
    const llmfi_entry *e;
    llmfi_node *fallbacks;
    llmfi_load_end_of_texts(l);
    fallbacks = l->c->fallbacks;
    llmfi_config_fill(l->c);
    if (!l->c->arena.failed) llmfi_sense_names(l->c, &l->report);
    if (l->c->arena.failed) return;
    for (e = l->c->models; e; e = e->next) llmfi_check_model(l, e);
    l->c->fallbacks = NULL; /* a name is known or not whatever it falls back to: so that no list is searched for each of them */
    for (r = l->references.first; r; r = r->next) llmfi_check_reference(l, r);
    l->c->fallbacks = fallbacks;
    llmfi_sense_chains(l->c, &l->chains, &l->references, &l->report);
    llmfi_routes_end(l->c, &l->report);
}

/* Reads every source of *desc, and what was fetched for those of a network, into a new generation, held once. Problems are told to `say` (NULL: nobody) and counted in
   *problems; what could be read is there even so: a caller that wants it valid as a whole looks at the count. NULL: memory was refused. *desc and *env must live as long
   as it. plugins: the llmfi_plugins to load into (PLUGINS); NULL: none is loaded, and what they might bring is not missed. */
LLMFI_UNUSED static llmfi_config *llmfi_config_load_with(llmfi_heap *heap, const llmf_desc *desc, const llmfi_env *env, const llmfi_document *documents, void *plugins, llmfi_report_fn say,
                                                          void *user, size_t *problems) {
    llmfi_loader l;
    const char *uri;
    size_t i;
    memset(&l, 0, sizeof l);
#if LLMF_HAS_PLUGINS
    l.plugins = (llmfi_plugins *)plugins;
#endif
    (void)plugins;
    l.report = llmfi_report_to(say, user);
    l.c = llmfi_config_new(heap, desc, env);
    if (!l.c) return NULL;
    for (i = 0; (uri = llmfi_source_at(desc, i)) != NULL && !l.memory && !l.c->arena.failed; i++) llmfi_load_source(&l, i, uri, documents);
    if (desc->config_text && desc->config_text[0] && !l.memory && !l.c->arena.failed)
        llmfi_load_text(&l, LLMFI_LIT("config_text"), llmfi_str("", 0), llmfi_cstr(desc->config_text));
    if (!l.memory && !l.c->arena.failed) llmfi_load_end(&l);
    if (problems) *problems = l.report.problems;
    if (!l.memory && !l.c->arena.failed) return l.c;
    llmfi_config_release(l.c);
    return NULL;
}

LLMFI_UNUSED static llmfi_config *llmfi_config_load(llmfi_heap *heap, const llmf_desc *desc, const llmfi_env *env, const llmfi_document *documents, llmfi_report_fn say, void *user,
                                                     size_t *problems) {
    return llmfi_config_load_with(heap, desc, env, documents, NULL, say, user, problems);
}

/* ---- overrides ---- */

/* Keeps the first problem. */
static void llmfi_first_problem(void *user, const llmf_error *e, bool warning) {
    llmf_error *first = (llmf_error *)user;
    if (!warning && first->code == LLMF_OK) *first = *e;
}

/* A checked entry out of a text, in `into`; NULL with *err. Blank: an empty one. */
static llmfi_node *llmfi_entry_of_text(llmfi_config *c, llmfi_arena *into, llmf_str text, const char *where, int of, llmf_error *err) {
    llmfi_report report = llmfi_report_to(llmfi_first_problem, err);
    llmfi_check k;
    llmfi_node *n;
    memset(err, 0, sizeof *err);
    k.arena = into;
    k.env = c->env;
    k.report = &report;
    k.file = llmfi_cstr(where);
    k.on_disk = false;
    k.references = NULL;
    n = llmfi_trim(text).len ? llmfi_parse_config(into, k.file, text, &report) : llmfi_new_object(into);
    if (n && llmfi_check_entry(&k, n, of, NULL, 0) && !into->failed) return n;
    if (err->code == LLMF_OK) llmfi_error_memory(err);
    return NULL;
}

/* Lays a text with keys of a model over a record of llmfi_config_find; into: as it was for that. False with *err. */
LLMFI_UNUSED static bool llmfi_config_override(llmfi_config *c, llmfi_arena *into, llmfi_record *record, llmf_str config_text, llmf_error *err) {
    llmfi_node *entry = llmfi_entry_of_text(c, into, config_text, "config of llmf_create", LLMFI_OF_MODEL, err);
    llmf_str provider, id;
    const llmfi_provider *p = record->provider;
    llmfi_record fresh;
    if (!entry) return false;
    provider = llmfi_entry_text(entry, "provider");
    id = llmfi_entry_text(entry, "model_id");
    if (provider.len) p = llmfi_config_usable(c, provider, err);
    if (!p) return false;
    llmfi_record_begin(&fresh, p, id.len ? id : record->s.model_id);
    fresh.fallbacks = llmfi_member(c->fallbacks, record->s.name);
    if (record->node && p == record->provider) llmfi_record_apply(&fresh, record->node);
    llmfi_record_apply(&fresh, entry);
    fresh.s.name = record->s.name;
    fresh.node = record->node;
    fresh.from_config = record->from_config;
    if (!llmfi_record_end(c, into, &fresh, err)) return false;
    *record = fresh;
    return true;
}

#else

/* Without CONFIG: the tables and the variables. NULL: memory was refused. */
LLMFI_UNUSED static llmfi_config *llmfi_config_of_tables(llmfi_heap *heap, const llmf_desc *desc, const llmfi_env *env) {
    llmfi_config *c = llmfi_config_new(heap, desc, env);
    if (c) llmfi_config_fill(c);
    if (!c || !c->arena.failed) return c;
    llmfi_config_release(c);
    return NULL;
}

/* A description that names a config is refused. */
LLMFI_UNUSED static bool llmfi_config_wanted(const llmf_desc *desc, llmf_error *err) {
    if (!(desc->config && desc->config[0]) && !desc->config_count && !(desc->config_text && desc->config_text[0])) return false;
    llmfi_error_left_out(err, "llmf_desc.config", "CONFIG");
    return true;
}

LLMFI_UNUSED static llmfi_config *llmfi_config_load(llmfi_heap *heap, const llmf_desc *desc, const llmfi_env *env, const llmfi_document *documents, llmfi_report_fn say, void *user,
                                                     size_t *problems) {
    llmfi_report report = llmfi_report_to(say, user);
    llmf_error err;
    (void)documents;
    if (llmfi_config_wanted(desc, &err)) llmfi_report_end(&report, &err, false);
    if (problems) *problems = report.problems;
    return llmfi_config_of_tables(heap, desc, env);
}

#define llmfi_config_load_with(heap, desc, env, documents, plugins, say, user, problems) llmfi_config_load((heap), (desc), (env), (documents), (say), (user), (problems))

/* Only an empty text changes nothing. */
LLMFI_UNUSED static bool llmfi_config_override(llmfi_config *c, llmfi_arena *into, llmfi_record *record, llmf_str config_text, llmf_error *err) {
    llmf_str text = llmfi_trim(config_text);
    if (text.len && !LLMFI_IS(text, "{}")) return llmfi_error_left_out(err, "llmf_create.config", "CONFIG");
    return llmfi_record_end(c, into, record, err);
}

#endif

#if LLMF_HAS_REGISTER

/* ---- registrations ---- */

static bool llmfi_register_bad(llmf_error *err, const char *what) {
    llmfi_text t = llmfi_error_begin(err, LLMF_ERR_ARGUMENT);
    LLMFI_SAY(&t, "llmf_provider_desc: ");
    llmfi_say_c(&t, what);
    return false;
}

/* Adds a host that a program registers, or changes a known one. Texts of *d are copied. False with *err: nothing has changed. */
LLMFI_UNUSED static bool llmfi_config_add_provider(llmfi_config *c, const llmf_provider_desc *d, llmf_error *err) {
    llmf_str name = llmfi_cstr(d->name);
    llmfi_node *entry = NULL;
    llmfi_provider *p, *known;
    const char *what;
    c->arena.failed = false;
    if (!llmfi_provider_name_ok(name)) return llmfi_register_bad(err, "name must have letters, digits, _ - and . only, at most 64 of them");
    if (d->key_env && !llmfi_is_variable(llmfi_cstr(d->key_env))) return llmfi_register_bad(err, "key_env must be the name of a variable, not the key itself");
    what = d->base_url ? llmfi_url_problem(llmfi_cstr(d->base_url)) : NULL;
    if (what) return llmfi_register_bad(err, "base_url is no URL that a request can go to; write it as https://host/path");
#if LLMF_HAS_CONFIG
    entry = llmfi_entry_of_text(c, &c->arena, llmfi_cstr(d->config), "config of llmf_register", LLMFI_OF_PROVIDER, err);
    if (!entry) return false;
#else
    if (llmfi_trim(llmfi_cstr(d->config)).len) return llmfi_error_left_out(err, "llmf_provider_desc.config", "CONFIG");
#endif
    known = llmfi_config_provider(c, name);
    if (!known && llmfi_find_provider_row(name) < 0 && !((d->dialect || llmfi_member(entry, LLMFI_LIT("dialect"))) && (d->base_url || llmfi_member(entry, LLMFI_LIT("base_url")))))
        return llmfi_register_bad(err, "a new provider needs dialect and base_url");
    p = llmfi_provider_new(c, llmfi_arena_copy(&c->arena, name));
    if (!p || c->arena.failed) return llmfi_error_memory(err);
    if (known) {
        llmfi_provider *next = p->next;
        *p = *known;
        p->next = next;
    }
    if (d->dialect) {
        int row = llmfi_find_dialect_row(llmfi_cstr(d->dialect));
        llmfi_provider_dialect(p, llmfi_cstr(d->dialect));
        p->dialect = row >= 0 ? llmfi_dialect_name(row) : llmfi_arena_copy(&c->arena, llmfi_cstr(d->dialect));
    }
    if (d->base_url) p->base_url = llmfi_arena_copy(&c->arena, llmfi_cstr(d->base_url));
    if (d->default_model) p->default_model = llmfi_arena_copy(&c->arena, llmfi_cstr(d->default_model));
    if (d->key_env) {
        p->api_key_env_var = llmfi_arena_copy(&c->arena, llmfi_cstr(d->key_env));
        p->quirks &= ~(uint32_t)LLMFI_Q_NO_KEY_NEEDED;
    }
    p->node = NULL;
#if LLMF_HAS_CONFIG
    llmfi_provider_apply(p, entry);
    p->own_url = p->base_url; /* what the program says is its own matter */
#else
    p->from_config = true;
#endif
    if (c->arena.failed) return llmfi_error_memory(err);
    p->next = c->providers; /* before the known one of that name: handles that were resolved keep what they have */
    c->providers = p;
    return true;
}

#endif
#endif
