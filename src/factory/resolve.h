/* A config generation, and what a name means in it. A generation is counted: whoever holds one keeps its texts. */
#ifndef LLMFI_FACTORY_RESOLVE_H
#define LLMFI_FACTORY_RESOLVE_H
#include "aws.h"
#include "env.h"
#include "names.h"
#include "plugins.h"
#include "record.h"

/* A model of the config: its members are those of all sources, later ones over earlier ones. */
typedef struct llmfi_entry {
    llmf_str key, file;                      /* file: the last that spoke of it */
    llmf_str name;                           /* its key `name`; empty */
    llmfi_node *node;
    bool broken;                             /* some key was wrong and is not in the node: what misses may be that */
    struct llmfi_entry *next;
    struct llmfi_entry *next_by_key, *next_by_name; /* in their buckets */
} llmfi_entry;

#if LLMF_HAS_ROUTES
/* Rules of a route, in the order of llmfi_route_rules. */
enum { LLMFI_RULE_CHEAPEST, LLMFI_RULE_QUALITY, LLMFI_RULE_LATENCY, LLMFI_RULE_WEIGHTED, LLMFI_RULE_ROUND_ROBIN, LLMFI_RULE_SPLIT, LLMFI_RULE_SCORED };
static const char llmfi_route_rules[] = "cheapest\0quality\0latency\0weighted\0round_robin\0split\0scored\0";

/* One of a route. What it does not say its model's entry says. */
typedef struct llmfi_route_candidate {
    llmf_str model;
    double weight;                           /* 0: not set; LLMF_ZERO: 0 */
    const llmfi_node *use_cases, *quality;   /* NULL: not set */
} llmfi_route_candidate;

/* A route of the config: as its sources say, and, when all of them are read, what that means. */
typedef struct llmfi_route {
    llmf_str name, file;                     /* file: the last that spoke of it */
    llmfi_node *node;
    int rule;                                /* LLMFI_RULE_… */
    double threshold;                        /* of complexity */
    llmf_str task;                           /* empty: none */
    int64_t budget_pico;                     /* LLMF_UNKNOWN: none */
    const llmfi_route_candidate *candidates;
    size_t count;                            /* 0: all models of the config */
    struct llmfi_route *next;
} llmfi_route;
#endif

#if LLMF_HAS_BUDGETS
enum { LLMFI_MAX_ALERTS = 8 };
/* The section budgets: pico-dollars, LLMF_UNKNOWN where there is no limit. */
typedef struct llmfi_config_budgets {
    int64_t call, process, day;
    int alerts_ppm[LLMFI_MAX_ALERTS], alert_count;
    llmfi_node *models, *routes;             /* objects of numbers by name, in USD; NULL */
} llmfi_config_budgets;
#endif

#if LLMF_HAS_PROMPTS
/* An entry of the sections prompts and chains. */
typedef struct llmfi_recipe {
    llmf_str name, file;
    llmfi_node *node;
    struct llmfi_recipe *next;
} llmfi_recipe;

/* How a step's answer is read, in the order of the words. */
enum { LLMFI_PARSE_TEXT, LLMFI_PARSE_JSON, LLMFI_PARSE_LINES };
static const char llmfi_parse_words[] = "text\0json\0lines\0";
#endif

typedef struct llmfi_config {
    llmfi_arena arena;
    llmfi_heap *heap;
    int references;
    const llmf_desc *desc;
    const llmfi_env *env;
    llmfi_entry *models;
    size_t model_count;
    llmfi_provider *providers;               /* of the config first, then the table's that are built in; the others as they are needed */
    llmfi_node *fallbacks;                   /* an object, merged; NULL without CONFIG only */
#if LLMF_HAS_PROMPTS
    llmfi_recipe *prompts, *chains;           /* checked: objects; arrays of steps */
#endif
#if LLMF_HAS_ROUTES
    llmfi_route *routes;
#endif
#if LLMF_HAS_BUDGETS
    llmfi_config_budgets budgets;
#endif
#if LLMF_HAS_PLUGINS
    llmfi_plugin *plugins[LLMF_MAX_PLUGINS]; /* in the order of their sections */
    size_t plugin_count;
    bool plugins_unknown;                    /* some are not loaded: what nobody knows may be theirs */
#endif
    llmf_str default_model, default_provider; /* of the files; empty */
#if LLMF_HAS_CONFIG
    llmfi_entry *newest_model;
    llmfi_entry **by_key, **by_name;         /* buckets; by_name: when all is read */
    size_t buckets;                          /* of each: a power of two, or 0 */
#endif
} llmfi_config;

#if LLMF_HAS_PROMPTS
LLMFI_UNUSED static const llmfi_recipe *llmfi_recipe_find(const llmfi_recipe *list, llmf_str name) {
    while (list && !llmfi_eq(list->name, name)) list = list->next;
    return list;
}

/* "; did you mean x?", else `otherwise`. */
LLMFI_UNUSED static void llmfi_recipe_near(const llmfi_recipe *list, llmf_str name, llmfi_text *t, const char *otherwise) {
    llmfi_nearest near_names = llmfi_nearest_to(name);
    for (; list; list = list->next) llmfi_nearest_try(&near_names, list->name);
    llmfi_nearest_say(&near_names, t);
    if (!near_names.count) llmfi_say_c(t, otherwise);
}
#endif

#if LLMF_HAS_ROUTES
LLMFI_UNUSED static const llmfi_route *llmfi_config_route(const llmfi_config *c, llmf_str name) {
    const llmfi_route *r = c->routes;
    while (r && !llmfi_eq(r->name, name)) r = r->next;
    return r;
}
#endif

#if LLMF_HAS_PLUGINS
#define llmfi_plugins_unknown(c) ((c)->plugins_unknown)
/* A plugin's dialect of that name; NULL. */
LLMFI_UNUSED static const llmf_dialect *llmfi_config_dialect(const llmfi_config *c, llmf_str name) {
    size_t i, k;
    for (i = 0; i < c->plugin_count; i++)
        for (k = 0; k < c->plugins[i]->face.dialect_count; k++)
            if (llmfi_eq(llmfi_cstr(c->plugins[i]->dialects[k].name), name)) return &c->plugins[i]->dialects[k];
    return NULL;
}
#else
#define llmfi_plugins_unknown(c) false
#endif

/* ---- entries by their names ---- */

#if LLMF_HAS_CONFIG

/* FNV-1a, its upper half mixed into the lower. */
static uint32_t llmfi_name_hash(llmf_str name) {
    uint32_t hash = 2166136261u;
    size_t i;
    for (i = 0; i < name.len; i++) hash = (hash ^ (unsigned char)name.ptr[i]) * 16777619u;
    return hash ^ hash >> 16;
}

static llmfi_entry **llmfi_entry_bucket(const llmfi_config *c, llmfi_entry **of, llmf_str name) {
    return &of[llmfi_name_hash(name) & (c->buckets - 1)];
}

/* The entry of this key; NULL. */
static llmfi_entry *llmfi_entry_of_key(const llmfi_config *c, llmf_str key) {
    llmfi_entry *e = c->buckets ? *llmfi_entry_bucket(c, c->by_key, key) : NULL;
    while (e && !llmfi_eq(e->key, key)) e = e->next_by_key;
    return e;
}

/* The first entry whose key `name` is this; NULL. */
static llmfi_entry *llmfi_entry_of_name(const llmfi_config *c, llmf_str name) {
    llmfi_entry *e = c->by_name ? *llmfi_entry_bucket(c, c->by_name, name) : NULL;
    while (e && !llmfi_eq(e->name, name)) e = e->next_by_name;
    return e;
}

/* Twice as many buckets, or the first. The old ones stay in the arena: less than the new ones together. */
static bool llmfi_entry_buckets(llmfi_config *c) {
    llmfi_entry *e, **to;
    size_t count = c->buckets ? c->buckets * 2 : 16;
    llmfi_entry **by_key = (llmfi_entry **)llmfi_arena_array(&c->arena, count, sizeof *by_key);
    if (!by_key) return false;
    c->by_key = by_key;
    c->buckets = count;
    for (e = c->models; e; e = e->next) {
        to = llmfi_entry_bucket(c, by_key, e->key);
        e->next_by_key = *to;
        *to = e;
    }
    return true;
}

/* A new entry behind the others. NULL: memory was refused. */
static llmfi_entry *llmfi_entry_add(llmfi_config *c, llmf_str key, llmfi_node *node) {
    llmfi_entry *e, **to;
    if (c->model_count >= c->buckets && !llmfi_entry_buckets(c)) return NULL;
    e = (llmfi_entry *)llmfi_arena_alloc(&c->arena, sizeof *e);
    if (!e) return NULL;
    e->key = llmfi_arena_copy(&c->arena, key);
    e->node = node;
    to = llmfi_entry_bucket(c, c->by_key, e->key);
    e->next_by_key = *to;
    *to = e;
    if (c->newest_model) c->newest_model->next = e;
    else c->models = e;
    c->newest_model = e;
    c->model_count++;
    return e;
}

#endif

/* ---- providers ---- */

LLMFI_UNUSED static llmfi_provider *llmfi_config_provider(const llmfi_config *c, llmf_str name) {
    llmfi_provider *p;
    int row = llmfi_find_provider_row(name);
    for (p = c->providers; p; p = p->next)
        if (llmfi_eq_nocase(p->name, name) || (row >= 0 && p->row == row)) return p;
    return NULL;
}

/* A known name: of the list, or of the table though left out. */
LLMFI_UNUSED static bool llmfi_config_knows(const llmfi_config *c, llmf_str name) {
    return llmfi_config_provider(c, name) || llmfi_left_out_name(name).len > 0;
}

#if LLMF_HAS_INFO

static void llmfi_nearest_providers(const llmfi_config *c, llmfi_nearest *n) {
    const llmfi_provider *p;
    llmf_str word, aliases;
    int i;
    for (p = c->providers; p; p = p->next) llmfi_nearest_try(n, p->name);
    for (i = 0; i < LLMFI_P_COUNT; i++) {
        llmfi_nearest_try(n, llmfi_cstr(llmfi_provider_rows[i].name));
        for (aliases = llmfi_cstr(llmfi_provider_rows[i].aliases); llmfi_next_word(&aliases, &word);) llmfi_nearest_try(n, word);
    }
}

/* "; known: a b c": those that can be used. `asked`: a question stands before it. */
static void llmfi_say_providers(const llmfi_config *c, llmfi_text *t, bool asked) {
    const llmfi_provider *p;
    llmfi_say(t, asked ? LLMFI_LIT(" Known:") : LLMFI_LIT("; known:"));
    for (p = c->providers; p; p = p->next) {
        if (!p->built) continue;
        LLMFI_SAY(t, " ");
        llmfi_say(t, p->name);
    }
}

#else

static void llmfi_nearest_providers(const llmfi_config *c, llmfi_nearest *n) {
    (void)c, (void)n;
}

static void llmfi_say_providers(const llmfi_config *c, llmfi_text *t, bool asked) {
    (void)c, (void)t, (void)asked;
}

#endif

LLMFI_UNUSED static bool llmfi_unknown_provider(const llmfi_config *c, llmf_str name, llmfi_text *t) {
    llmfi_nearest near_names = llmfi_nearest_to(name);
    llmfi_nearest_providers(c, &near_names);
    LLMFI_SAY(t, "unknown provider ");
    llmfi_say(t, name);
    llmfi_nearest_say(&near_names, t);
    llmfi_say_providers(c, t, near_names.count > 0);
    return false;
}

/* A provider's name as its option has it: LLMF_NO_GROQ. */
static void llmfi_say_upper(llmfi_text *t, llmf_str name) {
    size_t i;
    for (i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (c >= 'a' && c <= 'z') c = (char)(c - ('a' - 'A'));
        llmfi_say(t, llmfi_str(&c, 1));
    }
}

/* Why a provider that is known cannot be used, and what to do. of_table: it has an option. */
static LLMFI_COLD void llmfi_say_not_built(llmfi_text *t, llmf_str name, bool of_table) {
    LLMFI_SAY(t, "provider ");
    llmfi_say(t, name);
    if (of_table) {
        LLMFI_SAY(t, " is left out of this build: build without LLMF_NO_");
#if LLMF_HAS_STRINGS
        llmfi_say_upper(t, name);
#endif
        LLMFI_SAY(t, ", or, with LLMF_ONLY, add LLMF_WITH_");
#if !LLMF_HAS_STRINGS
        llmfi_say_c(t, "LLMF_WITH_");
#endif
        llmfi_say_upper(t, name);
        LLMFI_SAY(t, "=1");
    } else {
        LLMFI_SAY(t, " speaks a dialect that this build does not have: register it with llmf_register_dialect, or build with a provider of that dialect");
    }
}

/* The provider of a name, ready to be used; NULL with *err: UNKNOWN_PROVIDER or NOT_BUILT. */
static const llmfi_provider *llmfi_config_usable(const llmfi_config *c, llmf_str asked, llmf_error *err) {
    const llmfi_provider *p = llmfi_config_provider(c, asked);
    llmf_str name;
    llmfi_text t;
    if (p && (p->built || p->row < 0)) return p; /* a dialect of one's own may be registered by then: who prepares the call looks */
    name = llmfi_left_out_name(asked);
    t = llmfi_error_begin(err, name.len ? LLMF_ERR_NOT_BUILT : LLMF_ERR_UNKNOWN_PROVIDER);
    if (name.len) llmfi_say_not_built(&t, name, true);
    else llmfi_unknown_provider(c, asked, &t);
    return NULL;
}

/* The program's choice, else the operator's: both outrank a file's. Empty: none. */
static llmf_str llmfi_config_chosen_provider(const llmfi_config *c) {
    llmf_str name = llmfi_trim(llmfi_cstr(c->desc->provider));
    if (!name.len) name = llmfi_env_filled(c->env, LLMFI_LIT("LLM_PROVIDER"));
    if (!name.len) name = llmfi_env_filled(c->env, LLMFI_LIT("LLM_PRIMARY_PROVIDER"));
    return name;
}

/* The provider of names that say none. Empty: none is set. */
LLMFI_UNUSED static llmf_str llmfi_config_default_provider(const llmfi_config *c) {
    llmf_str name = llmfi_config_chosen_provider(c);
    return name.len ? name : c->default_provider;
}

/* ---- records ---- */

static int64_t llmfi_positive(int32_t n) {
    return n > 0 ? n : LLMF_UNKNOWN;
}

static void llmfi_record_facts(llmfi_record *r, const llmfi_model_row *row) {
    r->from_table = true;
    r->s.context_window = llmfi_positive(row->context);
    r->s.max_output = llmfi_positive(row->max_output);
    r->price.input = row->input;
    r->price.output = row->output;
    r->price.cache_read = row->cache_read;
    r->price.cache_write = row->cache_write_5m;
    r->price.cache_write_1h = row->cache_write_1h;
    r->capabilities = llmfi_row_capabilities(row);
    r->ends = row->ends;
    r->checked = llmfi_row_checked(row);
    r->tier = llmfi_find_tier_row(row);
}

/* From the provider and the table; the config's entry comes after. */
static void llmfi_record_begin(llmfi_record *r, const llmfi_provider *p, llmf_str id) {
    const llmfi_model_row *row = p->row >= 0 ? llmfi_find_model_row(p->row, id) : NULL;
    memset(r, 0, sizeof *r);
    r->provider = p;
    r->s.provider = p->name;
    r->s.name = r->s.model_id = id;
    r->s.base_url = p->base_url;
    r->s.api_version = p->api_version;
    r->s.region = p->region;
    r->account = p->account;
    r->resource = p->resource;
    r->embedding_model = p->embedding_model;
    r->s.context_window = r->s.max_output = LLMF_UNKNOWN;
    r->price.input = r->price.output = r->price.cache_read = r->price.cache_write = r->price.cache_write_1h = LLMF_UNKNOWN;
    r->budget_pico = LLMF_UNKNOWN;
    r->retry = p->retry;
    r->timeouts = p->timeouts;
    r->s.quirks = p->quirks | (row ? row->quirks : p->row >= 0 ? llmfi_family_quirks(p->row, id) : 0);
    if (row) llmfi_record_facts(r, row);
}

#if LLMF_HAS_CONFIG
/* The table's tiers have nothing to say of prices that the config gives. */
static void llmfi_record_apply(llmfi_record *r, const llmfi_node *entry) {
    if (llmfi_apply(entry, LLMFI_OF_MODEL, r)) r->tier = NULL;
    if (r->s.deployment.len && !llmfi_member(entry, LLMFI_LIT("model_id"))) r->s.model_id = r->s.deployment;
}

#endif

LLMFI_UNUSED static llmf_str llmfi_entry_text(const llmfi_node *entry, const char *key) {
    const llmfi_node *n = llmfi_member(entry, llmfi_cstr(key));
    return n && n->type == LLMFI_STRING ? n->text : llmfi_str("", 0);
}

#if LLMFI_HAS_HOLES
/* The value for {name} in a base URL, or ptr NULL where there is no such name. */
static llmf_str llmfi_template_value(const llmfi_record *r, llmf_str name) {
    if (LLMFI_IS(name, "region")) return r->s.region;
    if (LLMFI_IS(name, "account")) return r->account;
    if (LLMFI_IS(name, "resource")) return r->resource;
    if (LLMFI_IS(name, "deployment")) return r->s.deployment.len ? r->s.deployment : r->s.model_id;
    return llmfi_str(NULL, 0);
}

static bool llmfi_template_problem(const llmfi_record *r, llmf_str name, llmf_error *err) {
    llmfi_text t = llmfi_error_begin(err, LLMF_ERR_CONFIG);
    size_t i;
    LLMFI_SAY(&t, "provider ");
    llmfi_say(&t, r->provider->name);
    LLMFI_SAY(&t, ": its base URL needs {");
    llmfi_say(&t, name);
    LLMFI_SAY(&t, "}; set the key ");
    llmfi_say(&t, LLMFI_IS(name, "region") ? LLMFI_LIT("region_name") : name);
    LLMFI_SAY(&t, " in the config");
    for (i = 0; llmfi_variable_rows[i].variable; i++) {
        int sets = llmfi_variable_rows[i].sets;
        if (llmfi_variable_rows[i].provider != r->provider->row) continue;
        if ((sets == LLMFI_SETS_REGION && LLMFI_IS(name, "region")) || (sets == LLMFI_SETS_ACCOUNT && LLMFI_IS(name, "account")) ||
            (sets == LLMFI_SETS_RESOURCE && LLMFI_IS(name, "resource"))) {
            LLMFI_SAY(&t, ", or ");
            llmfi_say_c(&t, llmfi_variable_rows[i].variable);
        }
    }
    return false;
}

/* Only what cannot change the host that a template names. */
static bool llmfi_template_ok(llmf_str value) {
    return value.len > 0 && llmfi_char_span(value, LLMFI_CHAR_UNRESERVED) == value.len;
}

/* Fills {region} and its like, and {region-}, which is the region and a dash, but nothing for `global`; `to` NULL measures. LLMFI_NOWHERE with *err where a value is missing or cannot stand there. */
static size_t llmfi_template_fill(const llmfi_record *r, char *to, llmf_error *err) {
    llmf_str url = r->s.base_url;
    size_t i = 0, len = 0;
    while (i < url.len) {
        llmf_str piece = llmfi_str(url.ptr + i, 1);
        bool dash = false;
        size_t close = url.ptr[i] == '{' ? llmfi_find_char(llmfi_from(url, i), '}') : LLMFI_NOWHERE;
        i++;
        if (close != LLMFI_NOWHERE) {
            llmf_str name = llmfi_str(url.ptr + i, close - 1);
            if (llmfi_ends(name, LLMFI_LIT("-"))) name.len--;
            piece = llmfi_template_value(r, name);
            if (!llmfi_template_ok(piece)) {
                llmfi_template_problem(r, name, err);
                return LLMFI_NOWHERE;
            }
            if (name.len < close - 1) dash = !LLMFI_IS(piece, "global");
            if (name.len < close - 1 && !dash) piece.len = 0;
            i += close;
        }
        if (to) memcpy(to + len, piece.ptr, piece.len);
        len += piece.len;
        if (dash && to) to[len] = '-';
        len += dash;
    }
    return len;
}

/* The base URL with its holes filled. */
static bool llmfi_template_end(llmfi_record *r, llmfi_arena *into, llmf_error *err) {
    size_t len;
    char *to;
    if (llmfi_find_char(r->s.base_url, '{') == LLMFI_NOWHERE) return true;
    len = llmfi_template_fill(r, NULL, err);
    if (len == LLMFI_NOWHERE) return false;
    to = (char *)llmfi_arena_alloc(into, len + 1);
    if (!to) return llmfi_error_memory(err);
    llmfi_template_fill(r, to, err);
    r->s.base_url = llmfi_str(to, len);
    return true;
}

#else

/* Without CONFIG no row of this build has a hole. */
static bool llmfi_template_end(const llmfi_record *r, const llmfi_arena *into, const llmf_error *err) {
    (void)r, (void)into, (void)err;
    return true;
}

#endif

/* What needs memory of its own. */
static bool llmfi_record_end(llmfi_config *c, llmfi_arena *into, llmfi_record *r, llmf_error *err) {
    bool forced = c->desc->base_url && c->desc->base_url[0];
#if LLMF_HAS_STRINGS
    const char *what;
#endif
    if (forced) r->s.base_url = llmfi_cstr(c->desc->base_url);
#if LLMF_HAS_STRINGS /* else the transport refuses it, with as many words */
    what = llmfi_url_problem(r->s.base_url);
    if (what) { /* files have been checked: it is the program's, or a variable's */
        llmfi_text t = llmfi_error_begin(err, forced ? LLMF_ERR_ARGUMENT : LLMF_ERR_CONFIG);
        if (forced) LLMFI_SAY(&t, "llmf_desc");
        else llmfi_say(&t, r->provider->name);
        LLMFI_SAY(&t, ": base_url ");
        llmfi_say_c(&t, what);
        if (!forced) LLMFI_SAY(&t, "; look at the variable that sets it, <NAME>_BASE_URL");
        return false;
    }
#endif
    return llmfi_template_end(r, into, err);
}

/* ---- the order in which names resolve ---- */

#if LLMF_HAS_CONFIG

/* The name of a config entry's provider: its own, else the one whose table knows its id, else the default one; empty. */
static llmf_str llmfi_entry_provider_name(const llmfi_config *c, const llmfi_entry *e) {
    llmf_str name = llmfi_entry_text(e->node, "provider"), id = llmfi_entry_text(e->node, "model_id");
    const llmfi_model_row *row = name.len ? NULL : llmfi_find_model_row(-1, id.len ? id : e->key);
    if (name.len) return name;
    return row ? llmfi_cstr(llmfi_provider_rows[row->provider].name) : llmfi_config_default_provider(c);
}

static const llmfi_provider *llmfi_entry_provider(const llmfi_config *c, const llmfi_entry *e, llmf_error *err) {
    llmf_str name = llmfi_entry_provider_name(c, e);
    if (name.len) return llmfi_config_usable(c, name, err);
    llmfi_error_about(err, LLMF_ERR_CONFIG, "the model ", e->key, " names no provider; add the key provider");
    return NULL;
}

/* The id of a config entry: its own, else its key where the table has it; empty: it has none. */
static llmf_str llmfi_entry_id(const llmfi_entry *e, const llmfi_provider *p) {
    llmf_str id = llmfi_entry_text(e->node, "model_id");
    if (!id.len) id = llmfi_entry_text(e->node, "deployment");
    if (!id.len && p->row >= 0 && llmfi_find_model_row(p->row, e->key)) id = e->key;
    return id;
}

static bool llmfi_record_of_entry(const llmfi_config *c, const llmfi_entry *e, llmfi_record *out, llmf_error *err) {
    const llmfi_provider *p = llmfi_entry_provider(c, e, err);
    const llmfi_node *fallbacks = llmfi_member(c->fallbacks, e->key);
    llmf_str id;
    if (!p) return false;
    id = llmfi_entry_id(e, p);
    if (!id.len) {
        return llmfi_error_about(err, LLMF_ERR_CONFIG, "the model ", e->key, " has no model_id; add the key model_id with the provider's id of the model");
    }
    llmfi_record_begin(out, p, id);
    out->fallbacks = fallbacks;
    llmfi_record_apply(out, e->node);
    out->s.name = e->key;
    out->node = e->node;
    out->from_config = true;
    return true;
}

static const llmfi_entry *llmfi_find_entry(const llmfi_config *c, llmf_str name) {
    const llmfi_entry *e = llmfi_entry_of_key(c, name);
    return e ? e : llmfi_entry_of_name(c, name);
}

#endif

static bool llmfi_record_of(const llmfi_config *c, const llmfi_provider *p, llmf_str id, llmf_str name, llmfi_record *out) {
    llmfi_record_begin(out, p, id);
    out->s.name = name;
#if LLMF_HAS_CONFIG
    out->fallbacks = llmfi_member(c->fallbacks, name);
#endif
    (void)c;
    return true;
}

static bool llmfi_record_default(const llmfi_config *c, const llmfi_provider *p, llmfi_record *out, llmf_error *err) {
    if (p->default_model.len) return llmfi_record_of(c, p, p->default_model, p->default_model, out);
    return llmfi_error_about(err, LLMF_ERR_UNKNOWN_MODEL, "provider ", p->name, " has no default model; name one as provider:model, or set its default_model in the config");
}

#if !LLMF_HAS_INFO

static bool llmfi_unknown_model(const llmfi_config *c, llmf_str name, llmf_error *err) {
    (void)c;
    return llmfi_error_about(err, LLMF_ERR_UNKNOWN_MODEL, "unknown model ", name, "; it must be a key of the config, an id of the table, or provider:model");
}

#else

/* Names that might have been meant: keys of the config, rows of the table, and provider:model of both. */
static bool llmfi_unknown_model(const llmfi_config *c, llmf_str name, llmf_error *err) {
    llmfi_text t = llmfi_error_begin(err, LLMF_ERR_UNKNOWN_MODEL);
    llmfi_nearest near_names = llmfi_nearest_to(name), near_provider;
    size_t colon = llmfi_find_char(name, ':');
    const llmfi_entry *e;
    const llmfi_model_row *row;
#if LLMF_HAS_ROUTES
    const llmfi_route *route;
#endif
    for (e = c->models; e; e = e->next) llmfi_nearest_try(&near_names, e->key);
#if LLMF_HAS_ROUTES
    for (route = c->routes; route; route = route->next) llmfi_nearest_try(&near_names, route->name);
#endif
    for (row = llmfi_model_rows; row->id; row++)
        if (llmfi_row_stands_alone(row)) llmfi_nearest_try(&near_names, llmfi_cstr(row->id));
    LLMFI_SAY(&t, "unknown model ");
    llmfi_say(&t, name);
    if (llmfi_config_knows(c, name)) {
        LLMFI_SAY(&t, ", which is a provider; write ");
        llmfi_say(&t, name);
        LLMFI_SAY(&t, ":model");
        return false;
    }
    near_provider = llmfi_nearest_to(colon == LLMFI_NOWHERE ? llmfi_str("", 0) : llmfi_str(name.ptr, colon));
    if (colon != LLMFI_NOWHERE) llmfi_nearest_providers(c, &near_provider);
    if (near_provider.count) {
        LLMFI_SAY(&t, "; did you mean ");
        llmfi_say(&t, near_provider.names[0]);
        llmfi_say(&t, llmfi_from(name, colon));
        LLMFI_SAY(&t, "?");
    } else {
        llmfi_nearest_say(&near_names, &t);
    }
    llmfi_say(&t, near_provider.count || near_names.count ? LLMFI_LIT(" It") : LLMFI_LIT("; it"));
    LLMFI_SAY(&t, " must be a key of the config, an id of the table, or provider:model");
    if (colon != LLMFI_NOWHERE) llmfi_say_providers(c, &t, false);
    return false;
}

#endif

/* The first row of this id; the default provider's where that has one. */
static const llmfi_model_row *llmfi_row_of_name(const llmfi_config *c, llmf_str name) {
    llmf_str provider = llmfi_config_default_provider(c);
    const llmfi_provider *p = provider.len ? llmfi_config_provider(c, provider) : NULL;
    const llmfi_model_row *row = p && p->row >= 0 ? llmfi_find_model_row(p->row, name) : NULL;
    return row ? row : llmfi_find_model_row(-1, name);
}

static bool llmfi_resolve_name(const llmfi_config *c, llmf_str name, llmfi_record *out, llmf_error *err) {
    const llmfi_model_row *row;
    const llmfi_provider *p;
    size_t colon = llmfi_find_char(name, ':');
    llmf_str before = llmfi_str(name.ptr, colon == LLMFI_NOWHERE ? 0 : colon), provider;
#if LLMF_HAS_CONFIG
    const llmfi_entry *e = llmfi_find_entry(c, name);
    if (e) return llmfi_record_of_entry(c, e, out, err);
#endif
    row = llmfi_row_of_name(c, name);
    if (row) {
        p = llmfi_config_usable(c, llmfi_cstr(llmfi_provider_rows[row->provider].name), err);
        return p && llmfi_record_of(c, p, name, name, out);
    }
    if (before.len && llmfi_config_knows(c, before)) {
        p = llmfi_config_usable(c, before, err);
        if (!p) return false;
        if (colon + 1 == name.len) return llmfi_record_default(c, p, out, err);
        return llmfi_record_of(c, p, llmfi_from(name, colon + 1), name, out);
    }
    provider = llmfi_config_default_provider(c);
    if (!provider.len) return llmfi_unknown_model(c, name, err);
    p = llmfi_config_usable(c, provider, err);
    return p && llmfi_record_of(c, p, name, name, out);
}

static bool llmfi_resolve_empty(const llmfi_config *c, llmfi_record *out, llmf_error *err) {
    llmf_str provider = llmfi_config_chosen_provider(c);
    const llmfi_provider *p;
    llmfi_text t;
    if (!provider.len && c->default_model.len) return llmfi_resolve_name(c, c->default_model, out, err);
    if (!provider.len) provider = c->default_provider;
    if (provider.len) {
        p = llmfi_config_usable(c, provider, err);
        return p && llmfi_record_default(c, p, out, err);
    }
    t = llmfi_error_begin(err, LLMF_ERR_UNKNOWN_MODEL);
    LLMFI_SAY(&t, "no model is named and there is no default: name one, or set LLM_PROVIDER, or default_model in the config");
    llmfi_say_providers(c, &t, false);
    return false;
}

/* What `name` stands for, before anything is laid over it: what its base URL still lacks may come then. */
LLMFI_UNUSED static bool llmfi_config_find(llmfi_config *c, llmfi_arena *into, llmf_str name, llmfi_record *out, llmf_error *err) {
    llmf_str kept = name;
    if (llmfi_find_control(kept, 0) != LLMFI_NOWHERE || !llmfi_utf8_valid(kept, NULL)) {
        return llmfi_error_set(err, LLMF_ERR_ARGUMENT, "the model's name holds a control character or invalid UTF-8");
    }
    if (kept.len) {
        kept = llmfi_arena_copy(into, kept);
        if (!kept.len) return llmfi_error_memory(err);
    }
    return kept.len ? llmfi_resolve_name(c, kept, out, err) : llmfi_resolve_empty(c, out, err);
}

/* What `name` stands for; empty: the default provider's default model. Texts of *out live as long as the generation and `into` do.
   False with *err: UNKNOWN_MODEL, UNKNOWN_PROVIDER, NOT_BUILT, CONFIG, MEMORY. */
LLMFI_UNUSED static bool llmfi_config_resolve(llmfi_config *c, llmfi_arena *into, llmf_str name, llmfi_record *out, llmf_error *err) {
    return llmfi_config_find(c, into, name, out, err) && llmfi_record_end(c, into, out, err);
}

/* ---- keys ---- */

/* "NAME:bearer" of a list of key variables: the name, and the scheme that it is for. */
static llmf_str llmfi_key_variable(llmf_str word, int *auth) {
    size_t colon = llmfi_find_char(word, ':');
    if (colon == LLMFI_NOWHERE) return word;
    if (llmfi_eq(llmfi_from(word, colon + 1), LLMFI_LIT("bearer"))) *auth = LLMFI_AUTH_BEARER;
    return llmfi_str(word.ptr, colon);
}

#if LLMF_HAS_CONFIG
/* The value of the first of several variables that has one. */
static llmf_str llmfi_first_key(const llmfi_node *list, const llmfi_env *env) {
    const llmfi_node *n;
    llmf_str key = llmfi_str(NULL, 0);
    for (n = list ? list->child : NULL; n && !key.len; n = n->next) key = llmfi_env_filled(env, n->text);
    return key;
}
#endif

/* Whose a key is: that decides where it may go (origin.h). */
enum { LLMFI_OWNER_PROGRAM, LLMFI_OWNER_MODEL, LLMFI_OWNER_PROVIDER, LLMFI_OWNER_TABLE };
/* A key that must be fetched, and where: engine/secrets.h. */
enum { LLMFI_FETCH_NONE, LLMFI_FETCH_HOOK, LLMFI_FETCH_FILE, LLMFI_FETCH_STORE, LLMFI_FETCH_COMMAND };

typedef struct llmfi_credential {
    llmf_str key;                            /* empty: there is none, or it must be fetched */
    llmf_str from;                           /* of a fetch: the path, the secret's name, the command */
    int fetch, owner, auth;                  /* LLMFI_FETCH_…, LLMFI_OWNER_…; auth: how the key goes out */
} llmfi_credential;

#if LLMF_HAS_SECRETS && LLMF_HAS_CONFIG
/* What an entry says of a key that must be fetched. */
static void llmfi_entry_fetch(llmfi_credential *to, llmf_str file, llmf_str secret, llmf_str command) {
    to->fetch = file.len ? LLMFI_FETCH_FILE : secret.len ? LLMFI_FETCH_STORE : command.len ? LLMFI_FETCH_COMMAND : LLMFI_FETCH_NONE;
    to->from = file.len ? file : secret.len ? secret : command;
}
#else
#define llmfi_entry_fetch(to, file, secret, command) ((void)0)
#endif

/* Of the entries of the config, and behind them the provider's variables. */
static void llmfi_entries_credential(const llmfi_record *r, const llmfi_env *env, llmfi_credential *to) {
    const llmfi_provider *p = r->provider;
#if LLMFI_HAS_VARIABLES
    llmf_str word, list;
#endif
    (void)p, (void)env, (void)to;
#if LLMF_HAS_CONFIG
    to->owner = LLMFI_OWNER_MODEL;
    to->key = r->api_key;
    if (!to->key.len) to->key = llmfi_env_filled(env, r->api_key_env_var);
    if (!to->key.len) to->key = llmfi_first_key(r->key_list, env);
    if (!to->key.len) llmfi_entry_fetch(to, r->api_key_file, r->api_key_secret, r->api_key_command);
    if (to->key.len || to->fetch) return;
    to->key = p->api_key;
#endif
#if LLMFI_HAS_VARIABLES
    to->owner = LLMFI_OWNER_PROVIDER;
    if (!to->key.len) to->key = llmfi_env_filled(env, p->api_key_env_var);
#if LLMF_HAS_CONFIG
    if (!to->key.len) to->key = llmfi_first_key(p->key_list, env);
    if (!to->key.len) llmfi_entry_fetch(to, p->api_key_file, p->api_key_secret, p->api_key_command);
#endif
    if (to->key.len || to->fetch || p->api_key_env_var.len) return;
    to->owner = LLMFI_OWNER_TABLE;
    for (list = p->key_variables; !to->key.len && llmfi_next_word(&list, &word);) {
        int scheme = p->auth;
        to->key = llmfi_env_filled(env, llmfi_key_variable(word, &scheme));
        if (to->key.len) to->auth = scheme;
    }
#endif
}

/* The key of a call that starts now, or where to fetch it; neither: there is none. The first of these counts:

     llmf_desc.api_key, llmf_desc.api_key_env
     llmf_desc.secret, unless it has said that it has none: hook false
     the model's entry: api_key, api_key_env_var, api_key_env_vars, api_key_file, api_key_secret_name, api_key_command
     its provider's entry: the same
     the provider's variables, unless that entry names one of its own */
LLMFI_UNUSED static void llmfi_record_credential(const llmfi_record *r, const llmfi_env *env, bool hook, llmfi_credential *to) {
    const llmfi_provider *p = r->provider;
    to->auth = p->auth;
    to->fetch = LLMFI_FETCH_NONE;
    to->owner = LLMFI_OWNER_PROGRAM;
    to->key = to->from = llmfi_str("", 0);
    if (p->auth == LLMFI_AUTH_NONE) return;
    to->key = llmfi_cstr(env->desc->api_key); /* never a NULL */
    if (!to->key.len) to->key = llmfi_env_filled(env, llmfi_cstr(env->desc->api_key_env));
#if LLMF_HAS_SECRETS
    if (!to->key.len && hook && env->desc->secret && !(r->s.quirks & LLMFI_Q_NO_KEY_NEEDED)) to->fetch = LLMFI_FETCH_HOOK;
#endif
    (void)hook;
    if (!to->key.len && !to->fetch) llmfi_entries_credential(r, env, to);
    if (p->auth == LLMFI_AUTH_AWS && (to->fetch || (to->key.len && to->owner != LLMFI_OWNER_TABLE))) to->auth = LLMFI_AUTH_BEARER; /* AWS signs with a pair of keys: a single one is a bearer key */
    if (LLMFI_HAS_VARIABLES && !to->key.len) to->key = llmfi_str("", 0);
}

/* The key alone, where it need not be fetched. */
LLMFI_UNUSED static llmf_str llmfi_record_key(const llmfi_record *r, const llmfi_env *env, int *auth) {
    llmfi_credential c;
    llmfi_record_credential(r, env, false, &c);
    *auth = c.auth;
    return c.key;
}

/* Something to authorize with is there, or is named. *auth: how it goes out. */
LLMFI_UNUSED static bool llmfi_record_has_key(const llmfi_record *r, const llmfi_env *env, int *auth) {
    llmfi_credential c;
    llmfi_record_credential(r, env, true, &c);
    *auth = c.auth;
#if LLMF_HAS_SECRETS
    if (c.fetch) return c.fetch != LLMFI_FETCH_COMMAND || env->desc->allow_commands;
#endif
    if (c.key.len) return true;
#if LLMF_HAS_AWS
    if (*auth == LLMFI_AUTH_AWS) return llmfi_aws_likely(r, env);
#endif
    return false;
}

/* What to do where llmfi_record_key gave none: "set OPENAI_API_KEY". */
LLMFI_UNUSED static void llmfi_record_key_hint(const llmfi_record *r, llmfi_text *t) {
    const llmfi_provider *p = r->provider;
    llmf_str word, list = p->key_variables;
    int auth = 0, n = 0;
    llmf_str named = r->api_key_env_var.len ? r->api_key_env_var : p->api_key_env_var;
#if LLMF_HAS_SECRETS
    if (r->api_key_command.len || p->api_key_command.len) {
        LLMFI_SAY(t, "set llmf_desc.allow_commands, without which api_key_command is not run");
        return;
    }
#endif
    LLMFI_SAY(t, "set ");
    if (named.len) {
        llmfi_say(t, named);
        LLMFI_SAY(t, ", which its config names");
    } else {
        while (llmfi_next_word(&list, &word)) {
            if (n++) LLMFI_SAY(t, " or ");
            llmfi_say(t, llmfi_key_variable(word, &auth));
        }
        if (LLMF_HAS_AWS && p->auth == LLMFI_AUTH_AWS) LLMFI_SAY(t, ", or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE");
    }
}

#endif
