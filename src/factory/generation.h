/* One generation: the providers of the table and what variables say of them, and what there is in all. config.h lays files over it. */
#ifndef LLMFI_FACTORY_GENERATION_H
#define LLMFI_FACTORY_GENERATION_H
#include "../wire/url.h"
#include "resolve.h"

/* ---- nodes ---- */

LLMFI_UNUSED static llmfi_node *llmfi_new_object(llmfi_arena *a) {
    llmfi_node *n = (llmfi_node *)llmfi_arena_alloc(a, sizeof *n);
    if (n) n->type = LLMFI_OBJECT;
    return n;
}

/* Members of `from` move into `into`; one of the same key takes the older one's place. */
LLMFI_UNUSED static void llmfi_merge(llmfi_node *into, llmfi_node *from) {
    llmfi_node *n, *next, **link;
    if (!into->child) { /* as it is: readers have seen to it that no key stands in it twice */
        into->child = from->child;
        for (into->count = 0, n = from->child; n; n = n->next) into->count++;
        from->child = NULL;
    }
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

#if LLMFI_HAS_VARIABLES

/* "<NAME>_<what>": what is no letter or digit becomes _. Empty where it does not fit. */
static llmf_str llmfi_variable_name(char *buffer, llmf_str name, const char *what) {
    size_t i, tail = llmfi_strlen(what);
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

#if LLMF_HAS_OLLAMA

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
        llmfi_say_c(&t, "://");
        if (value.ptr[0] == ':') llmfi_say_c(&t, "localhost");
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
        llmfi_say_c(&t, ":");
        llmfi_say_int(&t, row.port);
    }
    *to = llmfi_arena_copy(&c->arena, llmfi_str(text, t.len));
}

#endif

static void llmfi_provider_header(llmfi_config *c, llmfi_provider *p, const char *name, llmf_str value) {
    llmfi_node *headers = (llmfi_node *)(uintptr_t)p->headers, *n = (llmfi_node *)llmfi_arena_alloc(&c->arena, sizeof *n);
    if (!headers) p->headers = headers = llmfi_new_object(&c->arena);
    if (!headers || !n) return;
    n->type = LLMFI_STRING;
    n->key = llmfi_cstr(name);
    n->text = value;
    n->next = headers->child;
    headers->child = n;
    headers->count++;
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
#if LLMF_HAS_OLLAMA
    case LLMFI_SETS_HOST: llmfi_take_host(c, value, llmfi_cstr(llmfi_provider_rows[p->row].base_url), &p->base_url); break;
#endif
    default: llmfi_provider_header(c, p, row->header, value); break;
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

#else

static void llmfi_provider_variables(const llmfi_config *c, const llmfi_provider *p) {
    (void)c, (void)p;
}

#endif

static void llmfi_provider_of_row(llmfi_provider *p, int at) {
    const llmfi_provider_row *row = &llmfi_provider_rows[at];
    p->row = at;
    p->name = llmfi_cstr(row->name);
    p->dialect = llmfi_dialect_name(row->dialect);
    p->base_url = llmfi_cstr(row->base_url);
    p->key_variables = llmfi_cstr(row->key_variables);
    p->default_model = llmfi_cstr(row->default_model);
    p->api_version = llmfi_cstr(row->api_version);
    p->embedding_model = llmfi_cstr(row->embedding_model);
    p->auth = row->auth;
    p->quirks = row->quirks;
    p->default_max_tokens = row->default_max_tokens;
    p->embedding_batch = row->embedding_batch;
    p->built = row->built;
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
    p->built = true;
    if (row >= 0) llmfi_provider_of_row(p, row);
#if LLMF_HAS_CONFIG || LLMF_HAS_REGISTER
    else {
        char variable[LLMFI_VARIABLE_MAX];
        p->name = name;
        p->key_variables = llmfi_arena_copy(&c->arena, llmfi_variable_name(variable, name, "_API_KEY"));
        p->quirks = LLMFI_Q_NO_KEY_NEEDED;
        p->auth = LLMFI_AUTH_BEARER;
    }
#endif
    llmfi_provider_variables(c, p);
#if LLMF_HAS_CONFIG
    p->own_url = p->base_url;
#endif
    return p;
}

/* A host of one's own takes what its dialect's own provider has, where that is no matter of the host. */
LLMFI_UNUSED static void llmfi_provider_dialect(llmfi_provider *p, llmf_str dialect) {
    int row = llmfi_find_provider_row(dialect), d = llmfi_find_dialect_row(dialect);
    if (row >= 0) {
        p->auth = llmfi_provider_rows[row].auth;
        p->api_version = llmfi_cstr(llmfi_provider_rows[row].api_version);
        p->default_max_tokens = llmfi_provider_rows[row].default_max_tokens;
        p->embedding_batch = llmfi_provider_rows[row].embedding_batch;
    }
    p->built = d < 0 || llmfi_dialect_built[d];
}

LLMFI_UNUSED static bool llmfi_provider_name_ok(llmf_str name) {
    size_t i;
    for (i = 0; i < name.len; i++)
        if (!llmfi_is_variable_char(name.ptr[i], false) && name.ptr[i] != '-' && name.ptr[i] != '.') return false;
    return name.len > 0 && name.len <= LLMFI_NAME_MAX;
}

/* Each provider of the table that is built in and stands in no list yet. */
static void llmfi_config_fill(llmfi_config *c) {
    int row;
    for (row = 0; row < LLMFI_P_COUNT; row++) {
        llmf_str name = llmfi_cstr(llmfi_provider_rows[row].name);
        llmfi_provider *p = llmfi_provider_rows[row].built && !llmfi_config_provider(c, name) ? llmfi_provider_new(c, name) : NULL;
        if (p) llmfi_provider_append(c, p);
    }
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
#if LLMF_HAS_PLUGINS
    size_t i;
#endif
    if (!c || --c->references > 0) return;
#if LLMF_HAS_PLUGINS
    for (i = 0; i < c->plugin_count; i++) c->plugins[i]->references--;
#endif
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
#if LLMF_HAS_BUDGETS
    c->budgets.call = c->budgets.process = c->budgets.day = LLMF_UNKNOWN;
    c->budgets.alerts_ppm[0] = 500000;
    c->budgets.alerts_ppm[1] = 800000;
    c->budgets.alerts_ppm[2] = 1000000;
    c->budgets.alert_count = 3;
#endif
#if LLMF_HAS_CONFIG
    c->fallbacks = llmfi_new_object(&c->arena);
#endif
    if (!c->arena.failed) return c;
    llmfi_config_release(c);
    return NULL;
}

/* ---- what there is ---- */

/* The i-th model, from 0: the config's, then the table's. Texts live as long as the generation; a base URL keeps its {holes}. False past the end. */
LLMFI_UNUSED static bool llmfi_config_model_at(const llmfi_config *c, size_t i, llmfi_record *out) {
    const llmfi_provider *p;
#if LLMF_HAS_CONFIG
    const llmfi_entry *e = c->models;
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
#endif
    if (i >= llmfi_model_row_count()) return false;
    for (p = c->providers; p && p->row != llmfi_model_rows[i].provider; p = p->next) {}
    return p && llmfi_record_of(c, p, llmfi_cstr(llmfi_model_rows[i].id), llmfi_cstr(llmfi_model_rows[i].id), out);
}

/* The i-th provider: the list's, then those of the table that are in no list because they are left out. */
static bool llmfi_provider_find_at(const llmfi_config *c, size_t i, llmfi_provider *out) {
    const llmfi_provider *p;
    const llmfi_provider *q;
#if !LLMF_HAS_INFO
    llmf_str words = llmfi_str(llmfi_left_out, sizeof llmfi_left_out - 1);
#endif
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
#if !LLMF_HAS_INFO
    memset(out, 0, sizeof *out);
    while (llmfi_next_word(&words, &out->name))
        if (llmfi_left_out_begins(&out->name) && !i--) return true;
#endif
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
    info->has_key = llmfi_record_has_key(&r, env, &auth);
    info->needs_key = auth != LLMFI_AUTH_NONE && !(p.quirks & LLMFI_Q_NO_KEY_NEEDED);
    info->primary = chosen.len && (llmfi_eq_nocase(chosen, p.name) || (p.row >= 0 && llmfi_find_provider_row(chosen) == p.row));
    t = llmfi_text_in(info->reason, sizeof info->reason);
    if (!p.built) {
        info->unavailable = LLMF_ERR_NOT_BUILT;
        llmfi_say_not_built(&t, p.name, p.row >= 0);
    } else if (info->needs_key && !info->has_key) {
        info->unavailable = LLMF_ERR_AUTH;
        LLMFI_SAY(&t, "no key: ");
        llmfi_record_key_hint(&r, &t);
    }
    return true;
}

#endif
