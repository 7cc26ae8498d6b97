/* How many tokens a request may take, and what they may cost: high rather than low, and cheap to know. Budgets reserve by it, routes compare by it. */
#ifndef LLMFI_ENGINE_ESTIMATE_H
#define LLMFI_ENGINE_ESTIMATE_H
#include "core.h"
#include "settle.h"

#if LLMF_HAS_BUDGETS || LLMF_HAS_ROUTES

/* Texts in Latin letters have four bytes a token, those in Chinese or Japanese about three, code two to three: at two hardly any has more tokens than this says. Only
   what is no language at all (digests, emoji, base64) can. What an image counts depends on the provider: 50,000 is above what gpt-4o-mini takes for the largest one. */
enum { LLMFI_BYTES_A_TOKEN = 2, LLMFI_IMAGE_TOKENS = 50000, LLMFI_OUTPUT_TOKENS = 16384 };

static int64_t llmfi_tokens_of(uint64_t bytes) {
    return (int64_t)(bytes / LLMFI_BYTES_A_TOKEN + bytes % LLMFI_BYTES_A_TOKEN);
}

/* Of output at most: what is asked for, else what the model can give. */
LLMFI_UNUSED static int64_t llmfi_output_most(const llmfi_settings *s, int64_t max_tokens) {
    return max_tokens > 0 ? max_tokens : s->max_output > 0 ? s->max_output : (int64_t)LLMFI_OUTPUT_TOKENS;
}

/* a + b of two that are not negative, INT64_MAX at most. */
static int64_t llmfi_sum_most(int64_t a, int64_t b) {
    return a > INT64_MAX - b ? INT64_MAX : a + b;
}

#if LLMF_HAS_MEDIA
/* Tokens of a part whose bytes say nothing of them: an image, and what only a URL names. *bytes: those that it has in the request's body. */
static int64_t llmfi_part_tokens(const llmf_part *p, uint64_t *bytes) {
    bool inside = !p->url || llmfi_starts(llmfi_cstr(p->url), LLMFI_LIT("data:"));
    *bytes = 0;
    if (p->type == LLMF_PART_TEXT || (p->type != LLMF_PART_IMAGE && inside)) return 0;
    *bytes = p->data ? ((uint64_t)p->data_len + 2) / 3 * 4 : inside && p->url ? llmfi_strlen(p->url) : 0;
    return LLMFI_IMAGE_TOKENS;
}

/* Those of all messages, and what they have in the body. */
static int64_t llmfi_media_tokens(const llmf_request *r, uint64_t *bytes) {
    int64_t tokens = 0;
    uint64_t in_body;
    size_t i, k;
    *bytes = 0;
    for (i = 0; r->messages && i < r->message_count; i++)
        for (k = 0; r->messages[i].parts && k < r->messages[i].part_count; k++) {
            tokens = llmfi_sum_most(tokens, llmfi_part_tokens(&r->messages[i].parts[k], &in_body));
            *bytes += in_body;
        }
    return tokens;
}
#else
static int64_t llmfi_media_tokens(const llmf_request *r, uint64_t *bytes) {
    (void)r;
    *bytes = 0;
    return 0;
}
#endif

/* Pico-dollars. LLMF_UNKNOWN: a price that is needed is not known; INT64_MAX: more than can be counted. cache: the prompt is written to the provider's. */
static int64_t llmfi_tokens_cost(const llmfi_price *p, int64_t input, int64_t output, bool cache) {
    int64_t price = cache && p->cache_write > p->input && p->input >= 0 ? p->cache_write : p->input, sum = 0;
    if (price < 0 || (output > 0 && p->output < 0)) return LLMF_UNKNOWN;
    return llmfi_cost_add(&sum, input, price) && llmfi_cost_add(&sum, output, p->output) ? sum : INT64_MAX;
}

#endif
#endif
