/* What differs between two generations of the config, by name: "models.fast", "providers.acme", "routes.main", "default_model". */
#ifndef LLMFI_ENGINE_CHANGES_H
#define LLMFI_ENGINE_CHANGES_H
#include "core.h"

#if LLMF_HAS_SOURCES

typedef struct llmfi_changes {
    llmfi_arena arena;                       /* of the names */
    llmfi_buf list;                          /* of pointers to them */
} llmfi_changes;

static void llmfi_changes_init(llmfi_changes *c, llmfi_heap *heap) {
    llmfi_arena_init(&c->arena, heap, 0);
    llmfi_buf_init(&c->list, heap, 0);
}

static void llmfi_changes_free(llmfi_changes *c) {
    llmfi_buf_free(&c->list);
    llmfi_arena_free(&c->arena);
}

/* Where memory is short the list is too: the config itself counts. */
static void llmfi_changed(llmfi_changes *c, const char *section, llmf_str name) {
    size_t front = llmfi_strlen(section), dot = name.len ? 1 : 0;
    char *at = (char *)llmfi_arena_alloc(&c->arena, front + dot + name.len + 1);
    const char *text = at;
    if (!at) return;
    memcpy(at, section, front);
    if (dot) at[front] = '.';
    if (name.len) memcpy(at + front + dot, name.ptr, name.len);
    at[front + dot + name.len] = '\0';
    llmfi_buf_add(&c->list, (const char *)&text, sizeof text);
}

/* Places in files are not compared. Trees are no deeper than LLMF_MAX_DEPTH. */
static bool llmfi_same_node(const llmfi_node *a, const llmfi_node *b) {
    if (!a || !b) return a == b;
    if (a->type != b->type || !llmfi_eq(a->text, b->text)) return false;
    a = a->child;
    b = b->child;
    for (; a && b; a = a->next, b = b->next)
        if (!llmfi_eq(a->key, b->key) || !llmfi_same_node(a, b)) return false;
    return a == b;
}

static const llmfi_entry *llmfi_entry_named(const llmfi_config *c, llmf_str key) {
    const llmfi_entry *e = c->models;
    while (e && !llmfi_eq(e->key, key)) e = e->next;
    return e;
}

static void llmfi_changes_models(llmfi_changes *c, const llmfi_config *from, const llmfi_config *to) {
    const llmfi_entry *e, *was;
    for (e = to->models; e; e = e->next) {
        was = llmfi_entry_named(from, e->key);
        if (!was || !llmfi_same_node(was->node, e->node)) llmfi_changed(c, "models", e->key);
    }
    for (e = from->models; e; e = e->next)
        if (!llmfi_entry_named(to, e->key)) llmfi_changed(c, "models", e->key);
}

static const llmfi_node *llmfi_provider_node(const llmfi_config *c, llmf_str name) {
    const llmfi_provider *p = llmfi_config_provider(c, name);
    return p ? p->node : NULL;
}

static void llmfi_changes_providers(llmfi_changes *c, const llmfi_config *from, const llmfi_config *to) {
    const llmfi_provider *p;
    for (p = to->providers; p; p = p->next)
        if (p->node && !llmfi_same_node(llmfi_provider_node(from, p->name), p->node)) llmfi_changed(c, "providers", p->name);
    for (p = from->providers; p; p = p->next)
        if (p->node && !llmfi_provider_node(to, p->name)) llmfi_changed(c, "providers", p->name);
}

/* The members of a section that is kept as it came. */
static void llmfi_changes_section(llmfi_changes *c, const char *section, const llmfi_node *from, const llmfi_node *to) {
    const llmfi_node *n;
    for (n = to ? to->child : NULL; n; n = n->next)
        if (!llmfi_same_node(from ? llmfi_member(from, n->key) : NULL, n)) llmfi_changed(c, section, n->key);
    for (n = from ? from->child : NULL; n; n = n->next)
        if (!to || !llmfi_member(to, n->key)) llmfi_changed(c, section, n->key);
}

#if LLMF_HAS_ROUTES
static void llmfi_changes_routes(llmfi_changes *c, const llmfi_config *from, const llmfi_config *to) {
    const llmfi_route *r, *was;
    for (r = to->routes; r; r = r->next) {
        was = llmfi_config_route(from, r->name);
        if (!was || !llmfi_same_node(was->node, r->node)) llmfi_changed(c, "routes", r->name);
    }
    for (r = from->routes; r; r = r->next)
        if (!llmfi_config_route(to, r->name)) llmfi_changed(c, "routes", r->name);
}
#endif

#if LLMF_HAS_PROMPTS
static void llmfi_changes_recipes(llmfi_changes *c, const char *section, const llmfi_recipe *from, const llmfi_recipe *to) {
    const llmfi_recipe *r, *was;
    for (r = to; r; r = r->next) {
        was = llmfi_recipe_find(from, r->name);
        if (!was || !llmfi_same_node(was->node, r->node)) llmfi_changed(c, section, r->name);
    }
    for (r = from; r; r = r->next)
        if (!llmfi_recipe_find(to, r->name)) llmfi_changed(c, section, r->name);
}
#endif

#if LLMF_HAS_BUDGETS
static bool llmfi_same_budgets(const llmfi_config_budgets *a, const llmfi_config_budgets *b) {
    return a->call == b->call && a->process == b->process && a->day == b->day && a->alert_count == b->alert_count &&
           memcmp(a->alerts_ppm, b->alerts_ppm, (size_t)a->alert_count * sizeof *a->alerts_ppm) == 0 && llmfi_same_node(a->models, b->models) && llmfi_same_node(a->routes, b->routes);
}
#endif

static void llmfi_changes_between(llmfi_changes *c, const llmfi_config *from, const llmfi_config *to) {
    llmfi_changes_models(c, from, to);
    llmfi_changes_providers(c, from, to);
    llmfi_changes_section(c, "fallbacks", from->fallbacks, to->fallbacks);
#if LLMF_HAS_PROMPTS
    llmfi_changes_recipes(c, "prompts", from->prompts, to->prompts);
    llmfi_changes_recipes(c, "chains", from->chains, to->chains);
#endif
#if LLMF_HAS_ROUTES
    llmfi_changes_routes(c, from, to);
#endif
#if LLMF_HAS_BUDGETS
    if (!llmfi_same_budgets(&from->budgets, &to->budgets)) llmfi_changed(c, "budgets", llmfi_str("", 0));
#endif
    if (!llmfi_eq(from->default_model, to->default_model)) llmfi_changed(c, "default_model", llmfi_str("", 0));
    if (!llmfi_eq(from->default_provider, to->default_provider)) llmfi_changed(c, "default_provider", llmfi_str("", 0));
}

#endif
#endif
