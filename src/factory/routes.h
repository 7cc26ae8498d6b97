/* The config's section routes: {name: {rule, candidates: [name, {model, weight, use_cases, quality}], threshold, task, budget_usd, description}}. */
#ifndef LLMFI_FACTORY_ROUTES_H
#define LLMFI_FACTORY_ROUTES_H
#include "check.h"
#include "generation.h"

#if LLMF_HAS_CONFIG

#if LLMF_HAS_ROUTES

static const llmfi_key llmfi_route_keys[] = {
    {"rule", LLMFI_KEY_TEXT, LLMFI_KEY_APART, LLMFI_KEY_NONE, 0, 0, LLMFI_WHAT("how one of the candidates is chosen")},
    {"candidates", LLMFI_KEY_OBJECT, LLMFI_KEY_APART, LLMFI_KEY_NONE, 0, 0, LLMFI_WHAT("models to choose among: names, or mappings of model, weight, use_cases and quality; left out: all models of the config")}, /* looked at by code of its own */
    {"threshold", LLMFI_KEY_NUMBER, LLMFI_KEY_APART, LLMFI_KEY_NONE, 0, 1, LLMFI_WHAT("the complexity above which a better model is asked, 0 to 1")},
    {"task", LLMFI_KEY_TEXT, LLMFI_KEY_APART, LLMFI_KEY_NONE, 0, 0, LLMFI_WHAT("the task where a request names none")},
    {"budget_usd", LLMFI_KEY_USD, LLMFI_KEY_APART, LLMFI_KEY_NONE, 0, 9e6, LLMFI_WHAT("the most to spend on this route")},
    {"description", LLMFI_KEY_TEXT, LLMFI_KEY_NONE, LLMFI_KEY_NONE, 0, 0, LLMFI_WHAT("for people")},
};
static const llmfi_key llmfi_candidate_keys[] = {
    {"model", LLMFI_KEY_TEXT, LLMFI_KEY_APART, LLMFI_KEY_NONE, 0, 0, LLMFI_WHAT("the name of a model")},
    {"weight", LLMFI_KEY_NUMBER, LLMFI_KEY_APART, LLMFI_KEY_NONE, 0, 1e6, LLMFI_WHAT("its share, in place of the model's own")},
    {"use_cases", LLMFI_KEY_TEXTS, LLMFI_KEY_APART, LLMFI_KEY_NONE, 0, 0, LLMFI_WHAT("the tasks that it is for, in place of the model's own")},
    {"quality", LLMFI_KEY_QUALITY, LLMFI_KEY_APART, LLMFI_KEY_NONE, 0, 1, LLMFI_WHAT("0 to 1, in place of the model's own")},
};

/* ---- candidates ---- */

static bool llmfi_check_candidate_object(const llmfi_check *k, llmfi_node *item) {
    const llmfi_node *model;
    llmfi_node **link;
    bool ok = true, secret;
    model = llmfi_member(item, LLMFI_LIT("model"));
    secret = model && model->type == LLMFI_STRING && llmfi_has_hole(model->text);
    for (link = &item->child; *link;) {
        const llmfi_key *key = llmfi_key_of(k, *link, "key of a candidate", llmfi_candidate_keys, LLMFI_COUNT(llmfi_candidate_keys));
        if (key && llmfi_check_value(k, key, *link)) {
            link = &(*link)->next;
            continue;
        }
        ok = false;
        *link = (*link)->next;
    }
    model = llmfi_member(item, LLMFI_LIT("model"));
    if (model && model->type == LLMFI_STRING) return llmfi_refer(k, model, LLMFI_REFERS_MODEL, secret) && ok;
    return ok && llmfi_check_bad(k, item, "a candidate", "needs the key model: the name of the model");
}

/* The name of a candidate; empty: it has none. */
static llmf_str llmfi_candidate_name(const llmfi_node *item) {
    return item->type == LLMFI_STRING ? item->text : llmfi_entry_text(item, "model");
}

static bool llmfi_check_candidate(const llmfi_check *k, llmfi_node *list, llmfi_node *item) {
    bool from_variable = false;
    const llmfi_node *other;
    llmf_str name;
    if (item->type == LLMFI_STRING && !llmfi_expand(k, item, &from_variable)) return false;
    if (item->type == LLMFI_OBJECT) {
        if (!llmfi_check_candidate_object(k, item)) return false;
    } else {
        if (item->type != LLMFI_STRING || !item->text.len) return llmfi_check_bad(k, item, "a candidate", "must be the name of a model, or a mapping of model, weight, use_cases and quality");
        if (!llmfi_refer(k, item, LLMFI_REFERS_MODEL, from_variable)) return false;
    }
    name = llmfi_candidate_name(item);
    for (other = list->child; other != item; other = other->next)
        if (llmfi_eq(llmfi_candidate_name(other), name)) return llmfi_check_bad(k, item, "candidates", "has this model twice; remove one of the two, or give it more weight");
    return true;
}

/* What is wrong is taken out. */
static bool llmfi_check_candidates(const llmfi_check *k, llmfi_node *list) {
    llmfi_node **link;
    bool ok = true;
    if (list->type == LLMFI_NULL) return true;
    if (!llmfi_make_array(k, list)) return false;
    if (list->type != LLMFI_ARRAY || !list->child) return llmfi_check_bad(k, list, "candidates", "must be a list of models; leave it out for all models of the config");
    for (link = &list->child; *link;) {
        if (llmfi_check_candidate(k, list, *link)) {
            link = &(*link)->next;
            continue;
        }
        ok = false;
        *link = (*link)->next;
        list->count--;
    }
    return ok;
}

/* ---- routes ---- */

static bool llmfi_check_rule(const llmfi_check *k, const llmfi_node *n) {
    llmf_error err;
    llmfi_text t;
    llmfi_nearest near_names;
    const char *word;
    if (n->type != LLMFI_STRING || llmfi_word_in(llmfi_route_rules, n->text) >= 0) return true;
    near_names = llmfi_nearest_to(n->text);
    for (word = llmfi_route_rules; *word; word += llmfi_strlen(word) + 1) llmfi_nearest_try(&near_names, llmfi_cstr(word));
    t = llmfi_check_begin(k, &err, n);
    LLMFI_SAY(&t, "rule must be cheapest, quality, latency, weighted, round_robin, split or scored");
    llmfi_nearest_say(&near_names, &t);
    llmfi_report_end(k->report, &err, false);
    return false;
}

static bool llmfi_check_route_member(const llmfi_check *k, llmfi_node *n) {
    const llmfi_key *key = llmfi_key_of(k, n, "key of a route", llmfi_route_keys, LLMFI_COUNT(llmfi_route_keys));
    if (!key) return false;
    if (LLMFI_IS(n->key, "candidates")) return llmfi_check_candidates(k, n);
    return llmfi_check_value(k, key, n) && (!LLMFI_IS(n->key, "rule") || llmfi_check_rule(k, n));
}

static void llmfi_load_route(const llmfi_check *k, llmfi_config *c, llmfi_node *entry) {
    llmfi_route *r, **end = &c->routes;
    llmfi_node **link;
    if (entry->type != LLMFI_OBJECT) {
        llmfi_check_bad(k, entry, "a route", "must be a mapping of rule, candidates, threshold, task and budget_usd");
        return;
    }
    if (!entry->key.len || llmfi_trim(entry->key).len != entry->key.len || llmfi_find_control(entry->key, 0) != LLMFI_NOWHERE) {
        llmfi_report_at(k->report, k->file, entry->key_line, entry->key_column, "a route's name must not be empty, and have no blanks at its ends and no control characters");
        return;
    }
    for (link = &entry->child; *link;) {
        if (llmfi_check_route_member(k, *link)) link = &(*link)->next;
        else *link = (*link)->next;
    }
    for (; *end && !llmfi_eq((*end)->name, entry->key); end = &(*end)->next) {}
    r = *end ? *end : (llmfi_route *)llmfi_arena_alloc(k->arena, sizeof *r);
    if (!r) return;
    if (!*end) {
        r->name = llmfi_arena_copy(k->arena, entry->key);
        r->node = entry;
        *end = r;
    } else {
        r->node->key_line = entry->key_line;
        r->node->key_column = entry->key_column;
        llmfi_merge(r->node, entry);
    }
    r->file = k->file;
}

static void llmfi_load_routes(const llmfi_check *k, llmfi_config *c, llmfi_node *section) {
    llmfi_node *n, *next;
    if (!llmfi_wants_object(k, section, " must be a mapping of names to routes")) return;
    for (n = section->child; n; n = next) {
        next = n->next;
        llmfi_load_route(k, c, n);
    }
}

/* ---- when all is read ---- */

/* A name that must be of a route, or must not. True: it was looked at here. */
static bool llmfi_check_route_reference(const llmfi_config *c, llmfi_report *report, const llmfi_reference *r) {
    llmf_error err;
    llmfi_text t;
    llmfi_nearest near_names;
    const llmfi_route *route;
    bool known = llmfi_config_route(c, r->node->text) != NULL, wanted = r->of == LLMFI_REFERS_ROUTE;
    if ((r->of != LLMFI_REFERS_MODEL && !wanted) || (!wanted && !known)) return false;
    if (wanted && known) return true;
    t = llmfi_report_begin(&err, r->file, r->node->line, r->node->column, false);
    err.code = LLMF_ERR_UNKNOWN_MODEL;
    if (wanted) LLMFI_SAY(&t, "unknown route ");
    llmfi_say(&t, r->secret ? LLMFI_LIT("(from a variable)") : r->node->text);
    if (!wanted) {
        LLMFI_SAY(&t, " is a route; name a model here");
    } else {
        near_names = llmfi_nearest_to(r->node->text);
        for (route = c->routes; route; route = route->next) llmfi_nearest_try(&near_names, route->name);
        llmfi_nearest_say(&near_names, &t);
        if (!near_names.count) LLMFI_SAY(&t, "; it must be a key of the section routes");
    }
    llmfi_report_end(report, &err, false);
    return true;
}

static void llmfi_route_candidates(llmfi_config *c, llmfi_route *r, const llmfi_node *list) {
    llmfi_route_candidate *to;
    const llmfi_node *item, *n;
    if (!list || list->type != LLMFI_ARRAY || !list->count) return;
    to = (llmfi_route_candidate *)llmfi_arena_array(&c->arena, list->count, sizeof *to);
    if (!to) return;
    r->candidates = to;
    r->count = list->count;
    for (item = list->child; item; item = item->next, to++) {
        to->model = llmfi_candidate_name(item);
        n = llmfi_member(item, LLMFI_LIT("weight"));
        if (n && n->type == LLMFI_NUMBER) llmfi_apply_number(n, &to->weight);
        n = llmfi_member(item, LLMFI_LIT("use_cases"));
        to->use_cases = n && n->type == LLMFI_ARRAY ? n : NULL;
        n = llmfi_member(item, LLMFI_LIT("quality"));
        to->quality = n && n->type != LLMFI_NULL ? n : NULL;
    }
}

/* What the sources have come to. */
static void llmfi_route_end(llmfi_config *c, llmfi_route *r) {
    const llmfi_node *n = llmfi_member(r->node, LLMFI_LIT("threshold"));
    int rule = llmfi_word_in(llmfi_route_rules, llmfi_entry_text(r->node, "rule"));
    r->rule = rule < 0 ? LLMFI_RULE_CHEAPEST : rule;
    r->threshold = 0.5;
    if (n && n->type == LLMFI_NUMBER) llmfi_parse_double(n->text, &r->threshold);
    r->task = llmfi_entry_text(r->node, "task");
    r->budget_pico = LLMF_UNKNOWN;
    n = llmfi_member(r->node, LLMFI_LIT("budget_usd"));
    if (n && n->type == LLMFI_NUMBER) llmfi_parse_fixed(n->text, 12, &r->budget_pico);
    llmfi_route_candidates(c, r, llmfi_member(r->node, LLMFI_LIT("candidates")));
}

static void llmfi_routes_end(llmfi_config *c, llmfi_report *report) {
    llmfi_route *r;
    llmf_error err;
    llmfi_text t;
    for (r = c->routes; r; r = r->next) {
        llmfi_route_end(c, r);
        if (!llmfi_find_entry(c, r->name)) continue;
        t = llmfi_report_begin(&err, r->file, r->node->key_line, r->node->key_column, false);
        LLMFI_SAY(&t, "the route ");
        llmfi_say(&t, r->name);
        LLMFI_SAY(&t, " has the name of a model; call one of the two otherwise");
        llmfi_report_end(report, &err, false);
    }
}

#else

static void llmfi_load_routes(const llmfi_check *k, const llmfi_config *c, const llmfi_node *section) {
    (void)c;
    llmfi_check_left_out(k, section, "routes", "ROUTES");
}

static bool llmfi_check_route_reference(const llmfi_config *c, const llmfi_report *report, const llmfi_reference *r) {
    (void)c, (void)report, (void)r;
    return false;
}

static void llmfi_routes_end(const llmfi_config *c, const llmfi_report *report) {
    (void)c, (void)report;
}

#endif
#endif
#endif
