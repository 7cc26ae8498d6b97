/* What only shows when sources are seen together: a name of two models, fallbacks that go round, a key that would go out in the clear, a price of another unit. */
#ifndef LLMFI_FACTORY_SENSE_H
#define LLMFI_FACTORY_SENSE_H
#include "check.h"
#include "generation.h"

#if LLMF_HAS_CONFIG

/* ---- names ---- */

/* Makes entries known by their names too. One that is taken already is a problem: nobody could tell which of the two was meant. */
static void llmfi_sense_names(llmfi_config *c, llmfi_report *report) {
    llmfi_entry *e, *other, **to;
    const llmfi_node *n;
    llmf_error err;
    llmfi_text t;
    if (!c->buckets) return;
    c->by_name = (llmfi_entry **)llmfi_arena_array(&c->arena, c->buckets, sizeof *c->by_name);
    for (e = c->by_name ? c->models : NULL; e; e = e->next) {
        if (!e->name.len || llmfi_eq(e->name, e->key)) continue;
        other = llmfi_entry_of_key(c, e->name);
        if (!other) other = llmfi_entry_of_name(c, e->name);
        if (!other) {
            to = llmfi_entry_bucket(c, c->by_name, e->name);
            e->next_by_name = *to;
            *to = e;
            continue;
        }
        n = llmfi_member(e->node, LLMFI_LIT("name"));
        t = llmfi_report_begin(&err, e->file, n->line, n->column, false);
        LLMFI_SAY(&t, "name: the model ");
        llmfi_say(&t, other->key);
        LLMFI_SAY(&t, " has this name already; give this one another"); /* the name itself may be a variable's value */
        llmfi_report_end(report, &err, false);
    }
}

/* ---- fallbacks ---- */

/* A model that has fallbacks. */
typedef struct llmfi_sense_chain {
    llmf_str name;
    const llmfi_node *list, *at;             /* at: the next of the list to look at */
    int state;                               /* 0: not looked at; 1: on the way; 2: done */
    struct llmfi_sense_chain *from;                /* who led here */
    struct llmfi_sense_chain *next, *next_in_bucket;
} llmfi_sense_chain;

typedef struct llmfi_chains {
    llmfi_sense_chain *first, *last, **buckets;
    size_t count, size;                      /* size: of buckets, a power of two */
} llmfi_chains;

static void llmfi_chain_add(llmfi_config *c, llmfi_chains *all, llmf_str name, const llmfi_node *list) {
    llmfi_sense_chain *chain = list && list->type == LLMFI_ARRAY ? (llmfi_sense_chain *)llmfi_arena_alloc(&c->arena, sizeof *chain) : NULL;
    if (!chain) return;
    chain->name = name;
    chain->list = list;
    if (all->last) all->last->next = chain;
    else all->first = chain;
    all->last = chain;
    all->count++;
}

/* The chain of what `name` stands for; NULL: it has none. */
static llmfi_sense_chain *llmfi_chain_of(const llmfi_config *c, const llmfi_chains *all, llmf_str name) {
    const llmfi_entry *e = llmfi_find_entry(c, name);
    llmfi_sense_chain *chain = all->buckets[llmfi_name_hash(e ? e->key : name) & (all->size - 1)];
    while (chain && !llmfi_eq(chain->name, e ? e->key : name)) chain = chain->next_in_bucket;
    return chain;
}

/* The file that a reference stands in: texts and places of two files can be the same, but hardly both. */
static llmf_str llmfi_reference_file(const llmfi_references *all, llmf_str text, uint32_t line, uint32_t column) {
    const llmfi_reference *r = all->first;
    while (r && !(r->node->line == line && r->node->column == column && llmfi_eq(r->node->text, text))) r = r->next;
    return r ? r->file : llmfi_str("", 0);
}

/* "a -> b -> a"; of a long one the last few. */
static void llmfi_say_cycle(llmfi_text *t, const llmfi_sense_chain *first, const llmfi_sense_chain *last) {
    const llmfi_sense_chain *way[8], *at;
    size_t n = 0;
    for (at = last; n < LLMFI_COUNT(way) && at; at = at == first ? NULL : at->from) way[n++] = at;
    if (way[n - 1] != first) {
        llmfi_say(t, first->name);
        LLMFI_SAY(t, " -> ... -> ");
    }
    while (n--) {
        llmfi_say(t, way[n]->name);
        LLMFI_SAY(t, " -> ");
    }
    llmfi_say(t, first->name);
}

/* The item of `chain` leads back to `first`, which is on the way to it. A model's chain is its own list and no more, so the call ends: only itself is of no use. */
static void llmfi_chain_cycle(const llmfi_references *refs, llmfi_report *report, const llmfi_sense_chain *first, const llmfi_sense_chain *chain, const llmfi_node *item) {
    llmf_error err;
    bool self = first == chain;
    llmfi_text t = llmfi_report_begin(&err, llmfi_reference_file(refs, item->text, item->line, item->column), item->line, item->column, !self);
    if (self) LLMFI_SAY(&t, "fallbacks: ");
    else LLMFI_SAY(&t, "fallbacks go round: ");
    llmfi_say_cycle(&t, first, chain);
    if (self) LLMFI_SAY(&t, "; a model cannot fall back to itself: remove it here, and see max_retries");
    else LLMFI_SAY(&t, "; a call goes through its own model's list only, and ends: remove this name unless it is meant so");
    llmfi_report_end(report, &err, !self);
}

/* Goes through all that can be reached from `chain`, depth first, and tells the first cycle found on the way. */
static void llmfi_chain_walk(const llmfi_config *c, const llmfi_chains *all, const llmfi_references *refs, llmfi_report *report, llmfi_sense_chain *chain) {
    bool told = false;
    chain->state = 1;
    chain->at = chain->list->child;
    while (chain) {
        const llmfi_node *item = chain->at;
        llmfi_sense_chain *to = item ? llmfi_chain_of(c, all, item->text) : NULL;
        if (!item) {
            chain->state = 2;
            chain = chain->from;
            continue;
        }
        chain->at = item->next;
        if (to && to->state == 1 && (to == chain || !told)) {
            llmfi_chain_cycle(refs, report, to, chain, item);
            if (to != chain) told = true;
        }
        if (!to || to->state != 0) continue;
        to->from = chain;
        to->state = 1;
        to->at = to->list->child;
        chain = to;
    }
}

/* Lists of the section fallbacks whose key is no entry's: of models of the table, and of provider:model. */
static void llmfi_chain_section(llmfi_config *c, llmfi_chains *all, const llmfi_references *refs, llmfi_report *report) {
    const llmfi_node *n;
    llmf_error err;
    llmfi_text t;
    for (n = c->fallbacks->child; n; n = n->next) {
        const llmfi_entry *e = llmfi_find_entry(c, n->key);
        if (!e) llmfi_chain_add(c, all, n->key, n);
        if (!e || llmfi_eq(e->key, n->key)) continue;
        t = llmfi_report_begin(&err, llmfi_reference_file(refs, n->key, n->key_line, n->key_column), n->key_line, n->key_column, false);
        LLMFI_SAY(&t, "fallbacks of ");
        llmfi_say(&t, n->key);
        LLMFI_SAY(&t, ": write the model's key here, ");
        llmfi_say(&t, e->key);
        llmfi_report_end(report, &err, false);
    }
}

static void llmfi_sense_chains(llmfi_config *c, llmfi_chains *all, const llmfi_references *refs, llmfi_report *report) {
    llmfi_sense_chain *chain;
    llmfi_chain_section(c, all, refs, report);
    if (!all->count) return;
    for (all->size = 1; all->size < all->count;) all->size *= 2;
    all->buckets = (llmfi_sense_chain **)llmfi_arena_array(&c->arena, all->size, sizeof *all->buckets);
    if (!all->buckets) return;
    for (chain = all->first; chain; chain = chain->next) {
        llmfi_sense_chain **to = &all->buckets[llmfi_name_hash(chain->name) & (all->size - 1)];
        chain->next_in_bucket = *to;
        *to = chain;
    }
    for (chain = all->first; chain; chain = chain->next)
        if (chain->state == 0) llmfi_chain_walk(c, all, refs, report, chain);
}

/* ---- keys in the clear ---- */

/* The host of a URL that has been looked at; it may hold {region} and its like. */
static llmf_str llmfi_host_of(llmf_str url) {
    size_t at = llmfi_find_nocase(url, LLMFI_LIT("://")), n = 0;
    url = llmfi_from(url, at == LLMFI_NOWHERE ? url.len : at + 3);
    if (url.len && url.ptr[0] == '[') {
        n = llmfi_find_char(url, ']');
        return n == LLMFI_NOWHERE ? llmfi_str("", 0) : llmfi_str(url.ptr + 1, n - 1);
    }
    while (n < url.len && !llmfi_memchr(":/?#", url.ptr[n], 4)) n++;
    return llmfi_str(url.ptr, n);
}

static bool llmfi_host_here(llmf_str host) {
    return LLMFI_NAMED(host, "localhost") || llmfi_ends(host, LLMFI_LIT(".localhost")) || llmfi_starts(host, LLMFI_LIT("127.")) || LLMFI_IS(host, "::1");
}

/* Of a network of one's own, by its name or address: there it may be meant. */
static bool llmfi_host_near(llmf_str host) {
    static const char suffixes[] = ".local\0.internal\0.lan\0.test\0.svc\0.home.arpa\0", addresses[] = "10.\0" "192.168.\0" "169.254.\0" "fc\0" "fd\0" "fe80:\0";
    const char *word;
    bool six = llmfi_find_char(host, ':') != LLMFI_NOWHERE;
    if (!six && llmfi_find_char(host, '.') == LLMFI_NOWHERE) return true;
    for (word = suffixes; *word; word += llmfi_strlen(word) + 1)
        if (llmfi_ends(host, llmfi_cstr(word))) return true;
    for (word = addresses; *word; word += llmfi_strlen(word) + 1)
        if (six == !llmfi_is_digit(word[0]) && llmfi_starts(host, llmfi_cstr(word))) return true;
    return !six && host.len > 6 && llmfi_starts(host, LLMFI_LIT("172.")) && host.ptr[6] == '.' &&
           ((host.ptr[4] == '1' && host.ptr[5] >= '6') || host.ptr[4] == '2' || (host.ptr[4] == '3' && host.ptr[5] <= '1'));
}

/* The member of an entry that says where its key is, in whichever way; NULL. */
static const llmfi_node *llmfi_entry_key(const llmfi_node *entry) {
    static const char names[] = "api_key\0api_key_env_var\0api_key_env_vars\0api_key_secret_name\0api_key_file\0api_key_command\0";
    const llmfi_node *n;
    for (n = entry ? entry->child : NULL; n; n = n->next)
        if (n->key.len >= 7 && n->type != LLMFI_NULL && n->key.ptr[0] == 'a' && llmfi_word_in(names, n->key) >= 0) return n;
    return NULL;
}

/* Told at `at`, of the address `url`. certain: the config itself names a key. */
static void llmfi_sense_clear(llmfi_report *report, llmf_str file, const llmfi_node *at, llmf_str url, bool certain) {
    llmf_str host = llmfi_host_of(url);
    llmf_error err;
    llmfi_text t;
    bool warning = !certain || llmfi_host_near(host);
    if (!at || llmfi_host_here(host)) return;
    t = llmfi_report_begin(&err, file, at->line, at->column, warning);
    if (LLMFI_IS(at->key, "base_url")) LLMFI_SAY(&t, "base_url would send the key in the clear");
    else LLMFI_SAY(&t, "this key would go out in the clear, as base_url is http://");
    LLMFI_SAY(&t, "; write https://, or auth: none in the provider's entry where the host wants no key");
    llmfi_report_end(report, &err, warning);
}

static bool llmfi_url_is_clear(llmf_str url) {
    return url.len > 7 && llmfi_eq_nocase(llmfi_str(url.ptr, 7), LLMFI_LIT("http://"));
}

/* A signature is no key, and "none" is none. */
static bool llmfi_auth_is_clear(int auth) {
    return auth != LLMFI_AUTH_NONE && auth != LLMFI_AUTH_AWS;
}

/* Of a provider's entry, with its place, before it is laid over *p; what it has come to is looked at behind that. */
static void llmfi_sense_provider(const llmfi_check *k, const llmfi_config *c, const llmfi_provider *p, const llmfi_node *url, const llmfi_node *key) {
    llmfi_record r;
    int auth;
    bool certain = llmfi_entry_key(p->node) != NULL;
    if ((!url && !key) || !llmfi_auth_is_clear(p->auth) || !llmfi_url_is_clear(p->base_url)) return;
    llmfi_record_begin(&r, p, p->default_model);
    if (certain || llmfi_record_key(&r, c->env, &auth).len) llmfi_sense_clear(k->report, k->file, url ? url : key, p->base_url, certain);
}

/* Of a model that has an address or a key of its own. */
static void llmfi_sense_model(const llmfi_config *c, llmfi_report *report, const llmfi_entry *e, const llmfi_record *r) {
    const llmfi_node *url, *own;
    int auth;
    bool certain;
    if (!llmfi_url_is_clear(r->s.base_url) || !llmfi_auth_is_clear(r->provider->auth)) return;
    url = llmfi_member(e->node, LLMFI_LIT("base_url"));
    own = llmfi_entry_key(e->node);
    certain = own || llmfi_entry_key(r->provider->node);
    if (own || (url && (certain || llmfi_record_key(r, c->env, &auth).len))) llmfi_sense_clear(report, e->file, url ? url : own, r->s.base_url, certain);
}

/* ---- prices ---- */

/* One is another's thousandth or millionth, more or less. */
static bool llmfi_price_is_off(int64_t a, int64_t b) {
    int64_t times = a > b ? a / b : b / a;
    return (times >= 500 && times <= 2000) || (times >= 500000 && times <= 2000000);
}

static void llmfi_sense_price(llmfi_report *report, const llmfi_entry *e, const char *key, int64_t price, int64_t known, bool embeds) {
    const llmfi_node *n;
    llmf_error err;
    llmfi_text t;
    bool off = price > 0 && known > 0 && llmfi_price_is_off(price, known), low = price > 0 && price < 1000 && !embeds, high = price > INT64_C(10000000000);
    if (!off && !low && !high) return;
    n = llmfi_member(e->node, llmfi_cstr(key));
    if (!n) return;
    t = llmfi_report_begin(&err, e->file, n->line, n->column, true);
    llmfi_say_c(&t, key);
    if (off) {
        LLMFI_SAY(&t, " is far from the known price of this model, ");
        llmfi_say_number(&t, (double)known / 1e6);
    } else {
        llmfi_say(&t, low ? LLMFI_LIT(" is below 0.001") : LLMFI_LIT(" is above 10000"));
    }
    LLMFI_SAY(&t, "; write US dollars per million tokens, not per token or thousand");
    llmfi_report_end(report, &err, true);
}

static void llmfi_sense_prices(llmfi_report *report, const llmfi_entry *e, const llmfi_record *r) {
    const llmfi_model_row *row = r->from_table && r->provider->row >= 0 ? llmfi_find_model_row(r->provider->row, r->s.model_id) : NULL;
    bool embeds = (r->capabilities & LLMF_CAN_EMBED) != 0;
    llmfi_sense_price(report, e, "input_token_cost_usd_per_million", r->price.input, row ? row->input : 0, embeds);
    llmfi_sense_price(report, e, "output_token_cost_usd_per_million", r->price.output, row ? row->output : 0, embeds);
}

#endif
#endif
