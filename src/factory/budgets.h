/* The config's section budgets: {call_usd, process_usd, day_usd, models: {name: usd}, routes: {name: usd}, alerts: [0.5, 0.8, 1.0]}. */
#ifndef LLMFI_FACTORY_BUDGETS_H
#define LLMFI_FACTORY_BUDGETS_H
#include "check.h"
#include "generation.h"

#if LLMF_HAS_CONFIG

#if LLMF_HAS_BUDGETS

static const char *const llmfi_budget_keys[] = {"call_usd", "process_usd", "day_usd", "models", "routes", "alerts"};

static llmfi_key llmfi_section_key(const char *name, uint8_t type, float most) {
    llmfi_key key;
    key.name = name;
    key.type = type;
    key.model = LLMFI_KEY_APART;
    key.provider = LLMFI_KEY_NONE;
    key.least = 0;
    key.most = most;
    return key;
}

/* A limit, where its value says one. */
static void llmfi_load_limit(const llmfi_check *k, llmfi_node *n, const char *name, int64_t *to) {
    llmfi_key key = llmfi_section_key(name, LLMFI_KEY_USD, 9e6f);
    if (llmfi_check_value(k, &key, n) && n->type == LLMFI_NUMBER) llmfi_parse_fixed(n->text, 12, to);
}

/* Limits by name, laid over those of earlier sources. */
static void llmfi_load_limits(const llmfi_check *k, llmfi_node *section, const char *name, int of, llmfi_node **into) {
    llmfi_key key = llmfi_section_key(name, LLMFI_KEY_USD, 9e6f);
    llmfi_node *n, *ref, **link;
    if (!llmfi_wants_object(k, section, of == LLMFI_REFERS_MODEL ? " must be a mapping of models' names to US dollars" : " must be a mapping of routes' names to US dollars")) return;
    for (link = &section->child; (n = *link) != NULL;) {
        ref = (llmfi_node *)llmfi_arena_alloc(k->arena, sizeof *ref);
        if (!ref || !llmfi_check_value(k, &key, n)) {
            *link = n->next;
            continue;
        }
        ref->type = LLMFI_STRING;
        ref->text = n->key;
        ref->line = n->key_line;
        ref->column = n->key_column;
        llmfi_refer(k, ref, of, false);
        link = &n->next;
    }
    if (!*into) *into = llmfi_new_object(k->arena);
    if (*into) llmfi_merge(*into, section);
}

/* Shares of a budget at which somebody is told. */
static void llmfi_load_alerts(const llmfi_check *k, llmfi_node *list, llmfi_config_budgets *b) {
    static const char what[] = "must be a list of at most 8 shares, each above 0 and at most 1, such as [0.5, 0.8, 1.0]";
    const llmfi_node *n;
    bool from_variable = false, ok = list->type == LLMFI_ARRAY && list->count <= LLMFI_MAX_ALERTS;
    int64_t ppm[LLMFI_MAX_ALERTS];
    int i = 0;
    if (list->type == LLMFI_NULL || !llmfi_expand(k, list, &from_variable)) return;
    if (!ok) llmfi_check_bad(k, list, "alerts", what);
    for (n = ok ? list->child : NULL; n; n = n->next, i++) {
        bool number = n->type == LLMFI_NUMBER || (from_variable && n->type == LLMFI_STRING);
        if (number && llmfi_parse_fixed(n->text, 6, &ppm[i]) && ppm[i] > 0 && ppm[i] <= 1000000) continue;
        ok = llmfi_check_bad(k, n, "alerts", what);
    }
    if (!ok) return;
    b->alert_count = i;
    while (i-- > 0) b->alerts_ppm[i] = (int)ppm[i];
}

static void llmfi_load_budgets(const llmfi_check *k, llmfi_config *c, llmfi_node *section) {
    llmfi_config_budgets *b = &c->budgets;
    llmfi_node *n, *next;
    size_t i;
    if (!llmfi_wants_object(k, section, " must be a mapping of call_usd, process_usd, day_usd, models, routes and alerts")) return;
    for (n = section->child; n; n = next) {
        next = n->next;
        if (LLMFI_IS(n->key, "call_usd")) llmfi_load_limit(k, n, "call_usd", &b->call);
        else if (LLMFI_IS(n->key, "process_usd")) llmfi_load_limit(k, n, "process_usd", &b->process);
        else if (LLMFI_IS(n->key, "day_usd")) llmfi_load_limit(k, n, "day_usd", &b->day);
        else if (LLMFI_IS(n->key, "models")) llmfi_load_limits(k, n, "budgets.models", LLMFI_REFERS_MODEL, &b->models);
#if LLMF_HAS_ROUTES
        else if (LLMFI_IS(n->key, "routes")) llmfi_load_limits(k, n, "budgets.routes", LLMFI_REFERS_ROUTE, &b->routes);
#else
        else if (LLMFI_IS(n->key, "routes")) llmfi_check_left_out(k, n, "budgets.routes", "ROUTES");
#endif
        else if (LLMFI_IS(n->key, "alerts")) llmfi_load_alerts(k, n, b);
        else {
            llmfi_nearest near_names = llmfi_nearest_to(n->key);
            for (i = 0; i < LLMFI_COUNT(llmfi_budget_keys); i++) llmfi_nearest_try(&near_names, llmfi_cstr(llmfi_budget_keys[i]));
            llmfi_check_unknown(k, n, "key of budgets", &near_names);
        }
    }
}

#else

/* A limit that would not be kept is refused. */
static void llmfi_load_budgets(const llmfi_check *k, const llmfi_config *c, const llmfi_node *section) {
    (void)c;
    llmfi_check_left_out(k, section, "budgets", "BUDGETS");
}

#endif
#endif
#endif
