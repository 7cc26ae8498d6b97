/* How many tokens a text has, without ranks. */
#ifndef LLMFI_BASE_BPE_ESTIMATE_H
#define LLMFI_BASE_BPE_ESTIMATE_H
#include "bpe_split.h"

#if LLMF_HAS_TOKENS
static int64_t llmfi_bpe_estimate(int encoding, llmf_str text) {
    (void)encoding;
    return (int64_t)(text.len / 4);
}
#endif
#endif
