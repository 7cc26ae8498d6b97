/* All config sources read into one generation: models.def < the providers' variables < sources in their order < llmf_desc < the request.
   Whatever is wrong is told with its place, and reading goes on. */
#ifndef LLMFI_FACTORY_CONFIG_H
#define LLMFI_FACTORY_CONFIG_H
#include "../base/json_tree.h"
#include "../options.h"
#if LLMF_HAS_YAML
#include "../base/yaml.h"
#endif
#include "check.h"
#include "resolve.h"

/* What a file may hold at its top, besides the keys of one model. */
static const char *const llmfi_sections[] = {"models", "providers", "fallbacks", "routes", "budgets", "prompts", "default_model", "default_provider"};

typedef struct llmfi_loader {
    llmfi_config *c;
    llmfi_report report;
    llmfi_reference *references;
    bool memory;                             /* was refused: nothing that follows counts */
} llmfi_loader;

static llmfi_check llmfi_loader_check(llmfi_loader *l, llmf_str file) {
    llmfi_check k;
    k.arena = &l->c->arena;
    k.env = l->c->env;
    k.report = &l->report;
    k.file = file;
    k.references = &l->references;
    return k;
}

/* ---- nodes ---- */

static llmfi_node *llmfi_new_object(llmfi_arena *a) {
    llmfi_node *n = (llmfi_node *)llmfi_arena_alloc(a, sizeof *n);
    if (n) n->type = LLMFI_OBJECT;
    return n;
}

/* Members of `from` move into `into`; one of the same key takes the older one's place. */
static void llmfi_merge(llmfi_node *into, llmfi_node *from) {
    llmfi_node *n, *next, **link;
    for (n = from->child; n; n = next) {
        next = n->next;
        for (link = &into->child; *link && !llmfi_eq((*link)->key, n->key); link = &(*link)->next) {}
        n->next = *link ? (*link)->next : NULL;
        if (!*link) into->count++;
        *link = n;
    }
    from->child = NULL;
    from->count = 0;
}

/* ---- providers: from the table and the variables ---- */

/* "<NAME>_<what>": what is no letter or digit becomes _. Empty where it does not fit. */
static llmf_str llmfi_variable_name(char *buffer, llmf_str name, const char *what) {
    size_t i, tail = strlen(what);
    if (name.len + tail >= LLMFI_VARIABLE_MAX) return llmfi_str("", 0);
    for (i = 0; i < name.len; i++) {
        char ch = name.ptr[i];
        buffer[i] = (char)(ch >= 'a' && ch <= 'z' ? ch - ('a' - 'A') : llmfi_is_variable_char(ch, false) ? ch : '_');
    }
    memcpy(buffer + name.len, what, tail + 1);
    return llmfi_str(buffer, name.len + tail);
}

static bool llmfi_take_variable(llmfi_config *c, llmf_str variable, llmf_str *to) {
    llmf_str value = llmfi_env_filled(c->env, variable);
    if (!value.len) return false;
    *to = llmfi_arena_copy(&c->arena, value);
    return true;
}

/* "host", "host:port" or a URL, as OLLAMA_HOST has it, into a base URL; the scheme and port that are missing are those of the row. An address that
   means "listen everywhere" means this machine. */
static void llmfi_take_host(llmfi_config *c, llmf_str value, llmf_str row_url, llmf_str *to) {
    char text[300];
    llmfi_text t = llmfi_text_in(text, sizeof text);
    llmfi_url url, row;
    llmfi_url_error why;
    bool whole = llmfi_find_nocase(value, LLMFI_LIT("://")) != LLMFI_NOWHERE;
    if (!llmfi_url_parse(row_url, &row, &why)) return;
    if (!whole) {
        llmfi_say(&t, row.scheme);
        LLMFI_SAY(&t, "://");
        if (value.ptr[0] == ':') LLMFI_SAY(&t, "localhost");
    }
    llmfi_say(&t, value);
    if (!llmfi_url_parse(llmfi_str(text, t.len), &url, &why)) { /* refused, with its text, when it is used */
        *to = llmfi_arena_copy(&c->arena, value);
        return;
    }
    if (LLMFI_IS(url.host, "0.0.0.0") || LLMFI_IS(url.host, "::")) {
        bool has_port = url.authority.len > url.host.len + (url.ipv6 ? 2 : 0);
        char here[300];
        llmfi_text h = llmfi_text_in(here, sizeof here);
        llmfi_say(&h, url.scheme);
        llmfi_say(&h, url.ipv6 ? LLMFI_LIT("://[::1]:") : LLMFI_LIT("://127.0.0.1:"));
        llmfi_say_int(&h, has_port ? url.port : row.port);
        llmfi_say(&h, url.target);
        *to = llmfi_arena_copy(&c->arena, llmfi_str(here, h.len));
        return;
    }
    if (!whole && url.authority.len == url.host.len + (url.ipv6 ? 2 : 0)) {
        LLMFI_SAY(&t, ":");
        llmfi_say_int(&t, row.port);
    }
    *to = llmfi_arena_copy(&c->arena, llmfi_str(text, t.len));
}

static void llmfi_take_header(llmfi_config *c, llmfi_provider *p, const char *name, llmf_str value) {
    llmfi_node *headers = (llmfi_node *)(uintptr_t)p->headers, *n, *both;
    if (!headers) p->headers = headers = llmfi_new_object(&c->arena);
    n = (llmfi_node *)llmfi_arena_alloc(&c->arena, sizeof *n);
    both = llmfi_new_object(&c->arena);
    if (!headers || !n || !both) return;
    n->type = LLMFI_STRING;
    n->key = llmfi_cstr(name);
    n->text = llmfi_arena_copy(&c->arena, value);
    both->child = n;
    llmfi_merge(headers, both);
}

/* One row of LLMF_VARIABLE. What is set already stays. */
static void llmfi_take_setting(llmfi_config *c, llmfi_provider *p, const llmfi_variable_row *row, uint32_t *seen) {
    llmf_str value = llmfi_env_filled(c->env, llmfi_cstr(row->variable));
    uint32_t bit = 1u << (row->sets == LLMFI_SETS_HOST ? (unsigned)LLMFI_SETS_BASE_URL : row->sets);
    if (!value.len || (row->sets != LLMFI_SETS_HEADER && (*seen & bit))) return;
    *seen |= bit;
    value = llmfi_arena_copy(&c->arena, value);
    switch (row->sets) {
    case LLMFI_SETS_MODEL: p->default_model = value; break;
    case LLMFI_SETS_BASE_URL: p->base_url = value; break;
    case LLMFI_SETS_API_VERSION: p->api_version = value; break;
    case LLMFI_SETS_REGION: p->region = value; break;
    case LLMFI_SETS_ACCOUNT: p->account = value; break;
    case LLMFI_SETS_RESOURCE: p->resource = value; break;
    case LLMFI_SETS_HOST: llmfi_take_host(c, value, llmfi_cstr(llmfi_provider_rows[p->row].base_url), &p->base_url); break;
    default: llmfi_take_header(c, p, row->header, value); break;
    }
}

static void llmfi_provider_variables(llmfi_config *c, llmfi_provider *p) {
    char name[LLMFI_VARIABLE_MAX];
    uint32_t seen = 0;
    const llmfi_variable_row *row;
    if (llmfi_take_variable(c, llmfi_variable_name(name, p->name, "_MODEL"), &p->default_model)) seen |= 1u << LLMFI_SETS_MODEL;
    if (llmfi_take_variable(c, llmfi_variable_name(name, p->name, "_BASE_URL"), &p->base_url)) seen |= 1u << LLMFI_SETS_BASE_URL;
    for (row = llmfi_variable_rows; row->variable; row++)
        if (row->provider == p->row) llmfi_take_setting(c, p, row, &seen);
}

static void llmfi_provider_of_row(llmfi_provider *p, int at) {
    const llmfi_provider_row *row = &llmfi_provider_rows[at];
    p->row = at;
    p->name = llmfi_cstr(row->name);
    p->dialect = llmfi_cstr(llmfi_dialect_rows[row->dialect].name);
    p->base_url = llmfi_cstr(row->base_url);
    p->key_variables = llmfi_cstr(row->key_variables);
    p->default_model = llmfi_cstr(row->default_model);
    p->api_version = llmfi_cstr(row->api_version);
    p->embedding_model = llmfi_cstr(row->embedding_model);
    p->auth = row->auth;
    p->quirks = row->quirks;
    p->default_max_tokens = row->default_max_tokens;
    p->embedding_batch = row->embedding_batch;
    p->option = row->option;
    p->built = row->built;
    p->later = llmfi_dialect_rows[row->dialect].later;
}

static void llmfi_provider_append(llmfi_config *c, llmfi_provider *p) {
    llmfi_provider **link = &c->providers;
    while (*link) link = &(*link)->next;
    *link = p;
}

/* A new provider, not yet in the list: of the table where the name is known there. */
static llmfi_provider *llmfi_provider_new(llmfi_config *c, llmf_str name) {
    llmfi_provider *p = (llmfi_provider *)llmfi_arena_alloc(&c->arena, sizeof *p);
    int row = llmfi_find_provider_row(name);
    if (!p) return NULL;
    p->row = -1;
    p->max_retries = -1;
    p->built = true;
    if (row >= 0) {
        llmfi_provider_of_row(p, row);
    } else {
        char variable[LLMFI_VARIABLE_MAX];
        p->name = name;
        p->key_variables = llmfi_arena_copy(&c->arena, llmfi_variable_name(variable, name, "_API_KEY"));
        p->quirks = LLMFI_Q_NO_KEY_NEEDED;
        p->auth = LLMFI_AUTH_BEARER;
    }
    llmfi_provider_variables(c, p);
    return p;
}

/* A host of one's own takes what its dialect's own provider has, where that is no matter of the host. */
static void llmfi_provider_dialect(llmfi_provider *p, llmf_str dialect) {
    int row = llmfi_find_provider_row(dialect), d = llmfi_find_dialect_row(dialect);
    if (row >= 0) {
        p->auth = llmfi_provider_rows[row].auth;
        p->api_version = llmfi_cstr(llmfi_provider_rows[row].api_version);
        p->default_max_tokens = llmfi_provider_rows[row].default_max_tokens;
        p->embedding_batch = llmfi_provider_rows[row].embedding_batch;
    }
    p->built = d < 0 || llmfi_dialect_rows[d].built;
    p->later = d >= 0 && llmfi_dialect_rows[d].later;
}

/* Lays a checked entry over a provider. */
static void llmfi_provider_apply(llmfi_provider *p, llmfi_node *entry) {
    const llmfi_node *dialect = llmfi_member(entry, LLMFI_LIT("dialect"));
    bool key = llmfi_member(entry, LLMFI_LIT("api_key_env_var")) || llmfi_member(entry, LLMFI_LIT("api_key"));
    if (dialect && dialect->type == LLMFI_STRING && !llmfi_eq(dialect->text, p->dialect)) llmfi_provider_dialect(p, dialect->text);
    if (key && p->row < 0) p->quirks &= ~(uint32_t)LLMFI_Q_NO_KEY_NEEDED;
    llmfi_apply(entry, LLMFI_OF_PROVIDER, p);
    p->from_config = true;
    if (p->node) llmfi_merge((llmfi_node *)(uintptr_t)p->node, entry);
    else p->node = entry;
}

static bool llmfi_provider_name_ok(llmf_str name) {
    size_t i;
    for (i = 0; i < name.len; i++)
        if (!llmfi_is_variable_char(name.ptr[i], false) && name.ptr[i] != '-' && name.ptr[i] != '.') return false;
    return name.len > 0 && name.len <= LLMFI_NAME_MAX;
}

static bool llmfi_load_provider(llmfi_loader *l, const llmfi_check *k, llmfi_node *entry) {
    llmfi_provider *p = llmfi_config_provider(l->c, entry->key);
    llmfi_nearest near_names;
    llmf_error err;
    llmfi_text t;
    bool fresh = !p, ok = llmfi_check_entry(k, entry, LLMFI_OF_PROVIDER, NULL, 0);
    if (entry->type != LLMFI_OBJECT) return false;
    if (!llmfi_provider_name_ok(entry->key)) {
        llmfi_report_at(&l->report, k->file, entry->key_line, entry->key_column, "a provider's name has letters, digits, _ - and . only, at most 64 of them");
        return false;
    }
    if (!p) p = llmfi_provider_new(l->c, entry->key);
    if (!p) return false;
    if (fresh && p->row < 0 && ok && (!llmfi_member(entry, LLMFI_LIT("dialect")) || !llmfi_member(entry, LLMFI_LIT("base_url")))) {
        near_names = llmfi_nearest_to(entry->key);
        llmfi_nearest_providers(l->c, &near_names);
        t = llmfi_check_begin_key(k, &err, entry);
        LLMFI_SAY(&t, "the provider ");
        llmfi_say(&t, entry->key);
        LLMFI_SAY(&t, " is new: it needs the keys dialect and base_url");
        llmfi_nearest_say(&near_names, &t);
        llmfi_report_end(&l->report, &err, false);
        ok = false;
    }
    llmfi_provider_apply(p, entry);
    if (fresh) llmfi_provider_append(l->c, p);
    return ok;
}

/* ---- models ---- */

static void llmfi_load_model(llmfi_loader *l, const llmfi_check *k, llmf_str key, llmfi_node *entry, bool flat) {
    llmfi_entry *e, **link = &l->c->models;
    const llmfi_node *name;
    bool ok = llmfi_check_entry(k, entry, LLMFI_OF_MODEL, flat ? llmfi_sections : NULL, flat ? LLMFI_COUNT(llmfi_sections) : 0);
    if (entry->type != LLMFI_OBJECT || (!ok && !key.len)) return;
    if (!key.len || llmfi_trim(key).len != key.len || llmfi_find_control(key, 0) != LLMFI_NOWHERE) {
        llmfi_report_at(&l->report, k->file, entry->key_line ? entry->key_line : entry->line, entry->key_line ? entry->key_column : entry->column,
                        key.len ? "a model's key has no blanks at its ends and no control characters" : "this model has no key; give it the key name");
        return;
    }
    for (; *link && !llmfi_eq((*link)->key, key); link = &(*link)->next) {}
    if (!*link) {
        e = (llmfi_entry *)llmfi_arena_alloc(&l->c->arena, sizeof *e);
        if (!e) return;
        e->key = llmfi_arena_copy(&l->c->arena, key);
        e->node = entry;
        *link = e;
        l->c->model_count++;
    } else {
        e = *link;
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

static bool llmfi_wants_object(const llmfi_check *k, const llmfi_node *n, const char *what) {
    llmf_error err;
    llmfi_text t;
    if (n->type == LLMFI_OBJECT || n->type == LLMFI_NULL) return n->type == LLMFI_OBJECT;
    t = llmfi_check_begin(k, &err, n);
    llmfi_say(&t, n->key);
    llmfi_say_c(&t, what);
    llmfi_report_end(k->report, &err, false);
    return false;
}

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
    static const llmfi_key key = {"fallbacks", LLMFI_KEY_NAMES, LLMFI_KEY_APART, LLMFI_KEY_APART, 0, 0, LLMFI_DOC("")};
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
        llmfi_refer(k, name, true, false);
        link = &n->next;
    }
    llmfi_merge(l->c->fallbacks, section);
}

/* Sections that later parts read: kept whole, variables expanded; only their form is looked at. */
static void llmfi_load_kept(const llmfi_check *k, llmfi_node *section, llmfi_node *into, bool expand) {
    bool from_variable = false;
    if (!llmfi_wants_object(k, section, " must be a mapping")) return;
    if (expand) llmfi_expand(k, section, &from_variable);
    llmfi_merge(into, section);
}

static void llmfi_load_default(const llmfi_check *k, llmfi_node *n, bool model, llmf_str *to) {
    static const llmfi_key keys[] = {{"default_provider", LLMFI_KEY_TEXT, LLMFI_KEY_APART, LLMFI_KEY_NONE, 0, 0, LLMFI_DOC("")},
                                     {"default_model", LLMFI_KEY_TEXT, LLMFI_KEY_APART, LLMFI_KEY_NONE, 0, 0, LLMFI_DOC("")}};
    bool from_variable = n->type == LLMFI_STRING && llmfi_has_hole(n->text);
    if (n->type == LLMFI_NULL || !llmfi_check_value(k, &keys[model], n)) return;
    *to = n->text;
    llmfi_refer(k, n, model, from_variable);
}

static void llmfi_load_section(llmfi_loader *l, const llmfi_check *k, llmfi_node *n) {
    llmfi_config *c = l->c;
    llmfi_nearest near_names;
    size_t i;
    if (LLMFI_IS(n->key, "models")) llmfi_load_models(l, k, n);
    else if (LLMFI_IS(n->key, "providers")) llmfi_load_providers(l, k, n);
    else if (LLMFI_IS(n->key, "fallbacks")) llmfi_load_fallbacks(l, k, n);
    else if (LLMFI_IS(n->key, "routes")) llmfi_load_kept(k, n, c->routes, true);
    else if (LLMFI_IS(n->key, "budgets")) llmfi_load_kept(k, n, c->budgets, true);
    else if (LLMFI_IS(n->key, "prompts")) llmfi_load_kept(k, n, c->prompts, false);
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

/* JSON by its name or its first byte, else YAML (of which "{a: 1}" is a form too). NULL where a problem was reported or memory was refused. */
static llmfi_node *llmfi_parse_config(llmfi_arena *a, llmf_str file, llmf_str text, llmfi_report *report) {
    llmfi_parse_error e;
    llmfi_node *root;
    bool named_json = llmfi_ends(file, LLMFI_LIT(".json"));
    llmf_str front = llmfi_trim(text);
    memset(&e, 0, sizeof e);
#if LLMF_HAS_YAML
    root = named_json ? llmfi_json_parse(a, text, &e, true) : llmfi_yaml_parse(a, text, &e);
    (void)front;
#else
    if (!named_json && !(front.len && front.ptr[0] == '{')) {
        llmfi_report_at(report, file, 0, 0, "this build reads no YAML (LLMF_NO_YAML); write it as JSON");
        return NULL;
    }
    root = llmfi_json_parse(a, text, &e, true);
#endif
    if (!root && !e.memory && !a->failed) llmfi_report_at(report, file, e.line, e.column, e.what ? e.what : "cannot be read");
    if (!root || root->type == LLMFI_OBJECT) return root;
    llmfi_report_at(report, file, root->line, root->column, "a config is a mapping: keys of a model, or sections such as models and providers");
    return NULL;
}

static void llmfi_load_text(llmfi_loader *l, llmf_str file, llmf_str stem, llmf_str text) {
    llmfi_node *root = llmfi_parse_config(&l->c->arena, file, text, &l->report), *n, *next;
    llmfi_check k = llmfi_loader_check(l, file);
    if (!root) return;
    if (!llmfi_has_sections(root)) {
        if (root->child) llmfi_load_model(l, &k, stem.len ? stem : llmfi_entry_text(root, "name"), root, true);
        return;
    }
    for (n = root->child; n; n = next) {
        next = n->next;
        llmfi_load_section(l, &k, n);
    }
}

static void llmfi_load_file(llmfi_loader *l, llmf_str path) {
    llmfi_buf text;
    int got;
    llmfi_buf_init(&text, l->c->heap, 0);
    got = llmfi_source_read(path, &text, &l->report);
    if (got == LLMFI_SOURCE_MEMORY) l->memory = true;
    if (got == LLMFI_SOURCE_READ) llmfi_load_text(l, path, llmfi_source_stem(path), llmfi_buf_str(&text));
    if (text.ptr) llmfi_env_wipe(text.ptr, text.cap);
    llmfi_buf_free(&text);
}

/* A file, or each config file of a directory by name. */
static void llmfi_load_path(llmfi_loader *l, const char *path) {
    llmfi_source_name *names, *n;
    llmf_str kept;
    int got;
    if (!path || !path[0]) return;
    kept = llmfi_arena_copy(&l->c->arena, llmfi_cstr(path));
    if (!kept.len) return;
    got = llmfi_source_list(kept, &l->c->arena, &names, &l->report);
    if (got == LLMFI_SOURCE_MEMORY) l->memory = true;
    if (got == LLMFI_SOURCE_NO_DIRECTORY) llmfi_load_file(l, kept);
    for (n = got == LLMFI_SOURCE_READ ? names : NULL; n && !l->memory && !l->c->arena.failed; n = n->next) llmfi_load_file(l, n->path);
}

/* ---- when all is read ---- */

static void llmfi_check_reference(llmfi_loader *l, const llmfi_reference *r) {
    llmfi_record record;
    llmf_error why, err;
    llmfi_text t;
    if (r->model ? llmfi_resolve_name(l->c, r->node->text, &record, &why) : llmfi_config_knows(l->c, r->node->text)) return;
    if (r->model && why.code != LLMF_ERR_UNKNOWN_MODEL && why.code != LLMF_ERR_UNKNOWN_PROVIDER) return; /* told elsewhere, or not built: no fault of the file */
    t = llmfi_report_begin(&err, r->file, r->node->line, r->node->column, false);
    err.code = r->model ? LLMF_ERR_UNKNOWN_MODEL : LLMF_ERR_UNKNOWN_PROVIDER;
    if (r->secret) llmfi_say(&t, r->model ? LLMFI_LIT("the variable here names no known model") : LLMFI_LIT("the variable here names no known provider"));
    else if (r->model) llmfi_say_c(&t, why.text);
    else llmfi_unknown_provider(l->c, r->node->text, &t);
    llmfi_report_end(&l->report, &err, false);
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
    if (e->broken || llmfi_record_of_entry(l->c, e, &record, &why) || why.code != LLMF_ERR_CONFIG) return;
    t = e->node->key_line ? llmfi_report_begin(&err, e->file, e->node->key_line, e->node->key_column, false)
                          : llmfi_report_begin(&err, e->file, e->node->line, e->node->column, false);
    llmfi_say_c(&t, why.text);
    llmfi_report_end(&l->report, &err, false);
}

static void llmfi_load_end(llmfi_loader *l) {
    const llmfi_reference *r;
    const llmfi_entry *e;
    int row;
    for (row = 0; row < LLMFI_P_COUNT; row++) {
        llmf_str name = llmfi_cstr(llmfi_provider_rows[row].name);
        llmfi_provider *p = llmfi_provider_rows[row].built && !llmfi_config_provider(l->c, name) ? llmfi_provider_new(l->c, name) : NULL;
        if (p) llmfi_provider_append(l->c, p);
    }
    if (l->c->arena.failed) return;
    for (e = l->c->models; e; e = e->next) llmfi_check_model(l, e);
    for (r = l->references; r; r = r->next) llmfi_check_reference(l, r);
}

/* ---- generations ---- */

/* Keys may be in it: it goes back as zeros. */
static void llmfi_config_wipe(llmfi_arena *a) {
    const size_t head = llmfi_round_up(sizeof(llmfi_arena_piece), LLMFI_ALIGN);
    llmfi_arena_piece *p;
    for (p = a->newest; p; p = p->older) llmfi_env_wipe((char *)(void *)p + head, p->size - head);
}

LLMFI_UNUSED static void llmfi_config_hold(llmfi_config *c) {
    c->references++;
}

LLMFI_UNUSED static void llmfi_config_release(llmfi_config *c) {
    if (!c || --c->references > 0) return;
    llmfi_config_wipe(&c->arena);
    llmfi_arena_free(&c->arena);
    llmfi_heap_free(c->heap, c);
}

static llmfi_config *llmfi_config_new(llmfi_heap *heap, const llmf_desc *desc, const llmfi_env *env) {
    llmfi_config *c = (llmfi_config *)llmfi_heap_alloc(heap, sizeof *c);
    if (!c) return NULL;
    memset(c, 0, sizeof *c);
    c->heap = heap;
    c->references = 1;
    c->desc = desc;
    c->env = env;
    llmfi_arena_init(&c->arena, heap, 0);
    c->fallbacks = llmfi_new_object(&c->arena);
    c->routes = llmfi_new_object(&c->arena);
    c->budgets = llmfi_new_object(&c->arena);
    c->prompts = llmfi_new_object(&c->arena);
    if (!c->arena.failed) return c;
    llmfi_config_release(c);
    return NULL;
}

/* Reads every source of *desc into a new generation, held once. Problems are told to `say` (NULL: nobody) and counted in *problems; what could be read is
   there even so: a caller that wants it valid as a whole looks at the count. NULL: memory was refused. *desc and *env must live as long as it. */
LLMFI_UNUSED static llmfi_config *llmfi_config_load(llmfi_heap *heap, const llmf_desc *desc, const llmfi_env *env, llmfi_report_fn say, void *user, size_t *problems) {
    llmfi_loader l;
    size_t i;
    memset(&l, 0, sizeof l);
    l.report = llmfi_report_to(say, user);
    l.c = llmfi_config_new(heap, desc, env);
    if (!l.c) return NULL;
    llmfi_load_path(&l, desc->config);
    for (i = 0; desc->configs && i < desc->config_count && !l.memory && !l.c->arena.failed; i++) llmfi_load_path(&l, desc->configs[i]);
    if (desc->config_text && desc->config_text[0] && !l.memory && !l.c->arena.failed)
        llmfi_load_text(&l, LLMFI_LIT("config_text"), llmfi_str("", 0), llmfi_cstr(desc->config_text));
    if (!l.memory && !l.c->arena.failed) llmfi_load_end(&l);
    if (problems) *problems = l.report.problems;
    if (!l.memory && !l.c->arena.failed) return l.c;
    llmfi_config_release(l.c);
    return NULL;
}

/* ---- overrides and registrations ---- */

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
    k.references = NULL;
    n = llmfi_trim(text).len ? llmfi_parse_config(into, k.file, text, &report) : llmfi_new_object(into);
    if (n && llmfi_check_entry(&k, n, of, NULL, 0) && !into->failed) return n;
    if (err->code == LLMF_OK) llmfi_error_memory(err);
    return NULL;
}

/* Lays a text with keys of a model over a resolved record; into: as it was for llmfi_config_resolve. False with *err. */
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

static bool llmfi_register_bad(llmf_error *err, const char *what) {
    llmfi_text t = llmfi_error_begin(err, LLMF_ERR_ARGUMENT);
    LLMFI_SAY(&t, "llmf_provider_desc: ");
    llmfi_say_c(&t, what);
    return false;
}

/* Adds a host that a program registers, or changes a known one. Texts of *d are copied. False with *err: nothing has changed. */
LLMFI_UNUSED static bool llmfi_config_add_provider(llmfi_config *c, const llmf_provider_desc *d, llmf_error *err) {
    llmf_str name = llmfi_cstr(d->name);
    llmfi_node *entry;
    llmfi_provider *p, *known;
    const char *what;
    c->arena.failed = false;
    if (!llmfi_provider_name_ok(name)) return llmfi_register_bad(err, "name must have letters, digits, _ - and . only, at most 64 of them");
    if (d->key_env && !llmfi_is_variable(llmfi_cstr(d->key_env))) return llmfi_register_bad(err, "key_env must be the name of a variable, not the key itself");
    what = d->base_url ? llmfi_url_problem(llmfi_cstr(d->base_url)) : NULL;
    if (what) return llmfi_register_bad(err, "base_url is no URL that a request can go to; write it as https://host/path");
    entry = llmfi_entry_of_text(c, &c->arena, llmfi_cstr(d->config), "config of llmf_register", LLMFI_OF_PROVIDER, err);
    if (!entry) return false;
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
        p->dialect = row >= 0 ? llmfi_cstr(llmfi_dialect_rows[row].name) : llmfi_arena_copy(&c->arena, llmfi_cstr(d->dialect));
    }
    if (d->base_url) p->base_url = llmfi_arena_copy(&c->arena, llmfi_cstr(d->base_url));
    if (d->default_model) p->default_model = llmfi_arena_copy(&c->arena, llmfi_cstr(d->default_model));
    if (d->key_env) {
        p->api_key_env_var = llmfi_arena_copy(&c->arena, llmfi_cstr(d->key_env));
        p->quirks &= ~(uint32_t)LLMFI_Q_NO_KEY_NEEDED;
    }
    p->node = NULL;
    llmfi_provider_apply(p, entry);
    if (c->arena.failed) return llmfi_error_memory(err);
    p->next = c->providers; /* before the known one of that name: handles that were resolved keep what they have */
    c->providers = p;
    return true;
}

/* ---- what there is ---- */

/* The i-th model, from 0: the config's, then the table's. Texts live as long as the generation; a base URL keeps its {holes}. False past the end. */
LLMFI_UNUSED static bool llmfi_config_model_at(const llmfi_config *c, size_t i, llmfi_record *out) {
    const llmfi_entry *e = c->models;
    const llmfi_provider *p;
    for (; e && i; e = e->next) i--;
    if (e) {
        llmf_str id;
        p = llmfi_config_provider(c, llmfi_entry_provider_name(c, e));
        if (!p) p = c->providers; /* its default provider has gone since: shown, if wrongly */
        id = llmfi_entry_id(e, p);
        llmfi_record_begin(out, p, id.len ? id : e->key);
        out->fallbacks = llmfi_member(c->fallbacks, e->key);
        llmfi_record_apply(out, e->node);
        out->s.name = e->key;
        out->node = e->node;
        out->from_config = true;
        return true;
    }
    if (i >= llmfi_model_row_count()) return false;
    p = llmfi_config_provider(c, llmfi_cstr(llmfi_provider_rows[llmfi_model_rows[i].provider].name));
    return p && llmfi_record_of(c, p, llmfi_cstr(llmfi_model_rows[i].id), llmfi_cstr(llmfi_model_rows[i].id), out);
}

/* The i-th provider: the list's, then those of the table that are in no list because they are left out. */
static bool llmfi_provider_find_at(const llmfi_config *c, size_t i, llmfi_provider *out) {
    const llmfi_provider *p;
    const llmfi_provider *q;
    int row;
    for (p = c->providers; p; p = p->next) {
        for (q = c->providers; q != p && !llmfi_eq(q->name, p->name); q = q->next) {}
        if (q != p || i--) continue; /* registered again: the first counts */
        *out = *p;
        return true;
    }
    for (row = 0; row < LLMFI_P_COUNT; row++) {
        if (llmfi_config_provider(c, llmfi_cstr(llmfi_provider_rows[row].name)) || i--) continue;
        memset(out, 0, sizeof *out);
        llmfi_provider_of_row(out, row);
        return true;
    }
    return false;
}

LLMFI_UNUSED static bool llmfi_config_provider_at(const llmfi_config *c, const llmfi_env *env, size_t i, llmf_provider_info *info) {
    llmfi_provider p;
    llmfi_record r;
    llmfi_text t;
    llmf_str word, list, chosen = llmfi_config_default_provider(c);
    int auth;
    if (!llmfi_provider_find_at(c, i, &p)) return false;
    memset(info, 0, sizeof *info);
    llmfi_record_begin(&r, &p, p.default_model);
    list = p.api_key_env_var.len ? p.api_key_env_var : p.key_variables;
    info->name = p.name;
    info->dialect = p.dialect;
    info->base_url = c->desc->base_url && c->desc->base_url[0] ? llmfi_cstr(c->desc->base_url) : p.base_url;
    info->key_variable = llmfi_next_word(&list, &word) ? llmfi_key_variable(word, &auth) : llmfi_str("", 0);
    info->default_model = p.default_model;
    info->has_key = llmfi_record_key(&r, env, &auth).len > 0;
    info->needs_key = auth != LLMFI_AUTH_NONE && !(p.quirks & LLMFI_Q_NO_KEY_NEEDED);
    info->primary = chosen.len && (llmfi_eq_nocase(chosen, p.name) || (p.row >= 0 && llmfi_find_provider_row(chosen) == p.row));
    t = llmfi_text_in(info->reason, sizeof info->reason);
    if (!p.built) {
        info->unavailable = LLMF_ERR_NOT_BUILT;
        llmfi_say_not_built(&t, p.name, p.option, p.later);
    } else if (info->needs_key && !info->has_key) {
        info->unavailable = LLMF_ERR_AUTH;
        LLMFI_SAY(&t, "no key: ");
        llmfi_record_key_hint(&r, &t);
    }
    return true;
}

#endif
