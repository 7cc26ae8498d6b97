/* The chain of providers: the primary one and its fallbacks, and how each of them is. */
#ifndef LLMFI_ENGINE_STATUS_H
#define LLMFI_ENGINE_STATUS_H
#include "metrics.h"
#include "models.h"

#if LLMF_HAS_METRICS

/* The i-th fallback of the default model, from 0, as llmf_get takes it, with a NUL behind it: of its own chain, else of llmf_desc, else of the environment. */
static bool llmfi_chain_fallback(llmf_factory *f, size_t i, char *room) {
    llmf_str list = llmfi_env_filled(&f->env, LLMFI_LIT("LLM_FALLBACK_PROVIDERS")), word, own = llmfi_str("", 0);
    const llmfi_node *n = NULL;
    llmf_model m = llmf_get(f, NULL, NULL);
    const llmfi_prepared *p = m.id ? llmfi_handle_slot(&f->handles, llmfi_handle_at(&f->handles, m))->prepared : NULL;
    if (p) own = p->record.provider->name;
    if (p) n = p->record.fallbacks;
    if (n) {
        for (n = n->child; n && i; n = n->next) i--;
        return n && llmfi_chain_word(f, n->text, room).len > 0;
    }
    if (f->desc.fallback_count) return i < f->desc.fallback_count && llmfi_chain_word(f, llmfi_cstr(f->desc.fallbacks[i]), room).len > 0;
    word = llmfi_chain_word_at(list, own, i);
    return word.len && llmfi_chain_word(f, word, room).len > 0;
}

/* The provider that a name speaks of, where it can be told. */
static llmf_str llmfi_status_provider(const llmf_factory *f, llmf_str name) {
    size_t colon = llmfi_find_char(name, ':');
    const llmfi_provider *p;
    if (colon != LLMFI_NOWHERE) name.len = colon;
    if (!name.len) name = llmfi_config_default_provider(f->config);
    p = llmfi_config_provider(f->config, name);
    return p ? p->name : llmfi_left_out_name(name);
}

static void llmfi_status_seen(llmf_factory *f, const llmfi_record *r, const llmfi_health *h, llmf_status_info *info, llmfi_text *t) {
    (void)r;
    llmfi_now(f);
    info->breaker = llmfi_breaker_of(f, h);
#if LLMF_HAS_RETRY
    if (h && h->cool_until_ns > f->now_ns) info->cooldown_ms = (int64_t)((h->cool_until_ns - f->now_ns) / LLMFI_MS) + 1;
    info->requests_left = llmfi_left(h ? h->window : NULL, f->now_ns, r->rpm, false, h ? h->left_requests : LLMF_UNKNOWN);
    info->tokens_left = llmfi_left(h ? h->window : NULL, f->now_ns, r->tpm, true, h ? h->left_tokens : LLMF_UNKNOWN);
#endif
    if (info->cooldown_ms > 0) {
        LLMFI_SAY(t, "cools down: ");
        llmfi_say_int(t, info->cooldown_ms);
        LLMFI_SAY(t, " ms left");
    } else if (info->breaker == LLMF_BREAKER_OPEN) {
        LLMFI_SAY(t, "its breaker is open: it has failed too often");
    }
    info->available = info->cooldown_ms <= 0 && info->breaker != LLMF_BREAKER_OPEN;
}

/* One of the chain by its name; "": the primary one. False: that is not set. */
static bool llmfi_status_of(llmf_factory *f, const char *name, llmf_status_info *info) {
    llmf_error why;
    llmf_model m = llmf_get(f, name, &why);
    llmfi_text t = llmfi_text_in(info->reason, sizeof info->reason);
    llmf_model_info model;
    const llmfi_prepared *p;
    if (!m.id && !*name && !llmfi_config_default_provider(f->config).len) return false;
    info->requests_left = info->tokens_left = LLMF_UNKNOWN;
    info->provider = llmfi_status_provider(f, llmfi_cstr(name));
    info->unavailable = why.code;
    if (!m.id) {
        llmfi_say_c(&t, why.text);
        return true;
    }
    p = llmfi_handle_slot(&f->handles, llmfi_handle_at(&f->handles, m))->prepared;
    llmfi_fill_info(f, &p->record, &model);
    info->provider = model.provider;
    info->model = model.model_id;
    info->unavailable = model.unavailable;
    if (info->unavailable == LLMF_ERR_AUTH) {
        LLMFI_SAY(&t, "no key: ");
        llmfi_record_key_hint(&p->record, &t);
    }
    if (info->unavailable == LLMF_OK) llmfi_status_seen(f, &p->record, llmfi_health_find(f, p->record.s.provider, p->record.s.model_id, llmfi_health_host(p->record.s.base_url)), info, &t);
    return true;
}

LLMF_API bool llmf_provider_status_abi(llmf_factory *f, size_t i, llmf_status_info *info, size_t info_size) {
    char name[LLMFI_CHAIN_NAME];
    llmf_status_info made;
    llmf_error kept;
    size_t at;
    bool before = false, there = f != NULL;
    if (f) kept = f->last_error;
    for (at = 0; at <= i && there; at++) {
        memset(&made, 0, sizeof made);
        made.provider = made.model = llmfi_str("", 0);
        name[0] = '\0';
        there = (!at || llmfi_chain_fallback(f, at - 1, name)) && llmfi_status_of(f, name, &made);
        made.current = made.available && !before;
        before = before || made.available;
    }
    if (f) f->last_error = kept; /* a question leaves no error behind */
    if (there && info) memcpy(info, &made, info_size < sizeof made ? info_size : sizeof made);
    return there;
}

#else

LLMF_API bool llmf_provider_status_abi(llmf_factory *f, size_t i, llmf_status_info *info, size_t info_size) {
    (void)i, (void)info, (void)info_size;
    return f && llmfi_error_left_out(&f->last_error, "llmf_provider_status", "METRICS");
}

#endif
#endif
