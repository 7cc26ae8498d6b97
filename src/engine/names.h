/* Words for numbers, and what this build holds. */
#ifndef LLMFI_ENGINE_NAMES_H
#define LLMFI_ENGINE_NAMES_H
#include "core.h"

/* By their numbers, which have no gaps. */
static const char llmfi_result_names[] = "ok\0argument\0config\0unknown_model\0unknown_provider\0not_built\0unsupported\0auth\0permission\0not_found\0"
                                         "rate_limit\0quota\0context_length\0content_filter\0bad_request\0overloaded\0server\0timeout\0network\0tls\0"
                                         "protocol\0truncated\0memory\0limit\0budget\0schema\0cancelled\0stale\0all_failed\0";

LLMF_API const char *llmf_result_name(int result) {
    return result >= 0 && result <= LLMF_ERR_ALL_FAILED ? llmfi_word_at(llmfi_result_names, result) : "unknown";
}

LLMF_API const char *llmf_finish_name(int finish) {
    return llmfi_word_at("\0stop\0length\0tool_calls\0content_filter\0refusal\0other\0", finish >= 0 && finish <= LLMF_FINISH_OTHER ? finish : LLMF_FINISH_OTHER);
}

LLMF_API const char *llmf_quirk_name(int bit) {
    return bit >= 0 && bit < LLMFI_QUIRK_COUNT ? llmfi_word_at(llmfi_quirk_names, bit) : NULL;
}

#define LLMFI_BUILT_0(name)
#define LLMFI_BUILT_1(name) " " name
#define LLMFI_BUILT_CAT(has, name) LLMFI_BUILT_##has(name)
#define LLMFI_BUILT(has, name) LLMFI_BUILT_CAT(has, name)
#if LLMF_HAS_STDLIB
#define LLMFI_BUILT_STDLIB ""
#else
#define LLMFI_BUILT_STDLIB " (no stdlib)"
#endif

LLMF_API const char *llmf_build_info(void) {
    return "llmfactory " LLMF_VERSION
           "\ntransports:" LLMFI_TRANSPORT_LIST
           "\nproviders:"
#define LLMF_PROVIDER(id, name, aliases, dialect, base_url, auth, keys, model, max_tokens, version, embed_model, embed_batch, quirks) LLMFI_BUILT(LLMF_HAS_##id, name)
#include "../../models.def"
           "\noptions:" LLMFI_BUILT(LLMF_HAS_FILES, "files") LLMFI_BUILT(LLMF_HAS_ENV, "env") LLMFI_BUILT(LLMF_HAS_YAML, "yaml")
               LLMFI_BUILT(LLMF_HAS_MODELS, "models") LLMFI_BUILT(LLMF_HAS_EPOLL, "epoll") LLMFI_BUILT(LLMF_HAS_BEARSSL, "bearssl") LLMFI_BUILT(LLMF_HAS_ROOTS, "roots")
               LLMFI_BUILT(LLMF_HAS_DNS_THREADS, "dns_threads") LLMFI_BUILT(LLMF_HAS_PLUGINS, "plugins") LLMFI_BUILT(LLMF_HAS_MCP, "mcp") LLMFI_BUILT_STDLIB;
}

#endif
