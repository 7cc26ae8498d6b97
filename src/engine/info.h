/* A resolved model in the words of the public API. */
#ifndef LLMFI_ENGINE_INFO_H
#define LLMFI_ENGINE_INFO_H
#include "core.h"
#include "health.h"

static void llmfi_fill_tiers(const llmfi_record *r, llmf_model_info *i) {
    const llmfi_tier_row *row;
    for (row = r->tier; row && i->tier_count < LLMFI_COUNT(i->tiers); row = llmfi_next_tier_row(row)) {
        llmf_price_tier *tier = &i->tiers[i->tier_count++];
        tier->above = row->above;
        tier->input = row->input;
        tier->output = row->output;
        tier->cache_read = row->cache_read;
        tier->cache_write = row->cache_write;
    }
}

LLMFI_UNUSED static void llmfi_fill_info(llmf_factory *f, const llmfi_record *r, llmf_model_info *i) {
    int auth = LLMFI_AUTH_NONE;
    memset(i, 0, sizeof *i);
    i->name = r->s.name;
    i->provider = r->provider->name;
    i->model_id = r->s.model_id;
    i->dialect = r->provider->dialect;
    i->base_url = r->s.base_url;
    i->description = r->s.description;
    i->context_window = r->s.context_window;
    i->max_output = r->s.max_output;
    i->price_input = r->price.input;
    i->price_output = r->price.output;
    i->price_cache_read = r->price.cache_read;
    i->price_cache_write = r->price.cache_write;
    i->price_cache_write_1h = r->price.cache_write_1h;
    llmfi_fill_tiers(r, i);
    i->quirks = r->s.quirks;
    i->ends = r->ends;
    i->checked = r->checked;
    i->capabilities = r->capabilities;
#if LLMF_HAS_ROUTES
    {
        const llmfi_health *h = llmfi_health_find(f, r->s.provider, r->s.model_id, llmfi_health_host(r->s.base_url));
        i->score_count = h ? h->scores : 0;
        if (i->score_count) i->score = (double)h->score_ppm / 1e6 / (double)i->score_count;
    }
#endif
    i->configured = r->from_config;
    i->has_key = llmfi_record_has_key(r, &f->env, &auth) || auth == LLMFI_AUTH_NONE || (r->s.quirks & LLMFI_Q_NO_KEY_NEEDED);
    i->unavailable = !r->provider->built ? LLMF_ERR_NOT_BUILT : !i->has_key ? LLMF_ERR_AUTH : LLMF_OK;
}

#endif
