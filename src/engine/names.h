/* Words for numbers, and what this build holds. */
#ifndef LLMFI_ENGINE_NAMES_H
#define LLMFI_ENGINE_NAMES_H
#include "core.h"

static const char *const llmfi_result_names[] = {
    "ok",         "argument",  "config",      "unknown_model",  "unknown_provider", "not_built", "unsupported", "auth",    "permission", "not_found",
    "rate_limit", "quota",     "context_length", "content_filter", "bad_request",   "overloaded", "server",     "timeout", "network",    "tls",
    "protocol",   "truncated", "memory",      "limit",          "budget",           "schema",    "cancelled",   "stale",   "all_failed",
};

LLMF_API const char *llmf_result_name(int result) {
    return result >= 0 && result < (int)LLMFI_COUNT(llmfi_result_names) ? llmfi_result_names[result] : "unknown";
}

static const char *const llmfi_finish_names[] = {"", "stop", "length", "tool_calls", "content_filter", "refusal", "other"};

LLMF_API const char *llmf_finish_name(int finish) {
    return finish >= 0 && finish < (int)LLMFI_COUNT(llmfi_finish_names) ? llmfi_finish_names[finish] : "other";
}

#define LLMFI_BUILT_0(name)
#define LLMFI_BUILT_1(name) " " name
#define LLMFI_BUILT_CAT(has, name) LLMFI_BUILT_##has(name)
#define LLMFI_BUILT(has, name) LLMFI_BUILT_CAT(has, name)

LLMF_API const char *llmf_build_info(void) {
    return "llmfactory " LLMF_VERSION
           "\ntransports:" LLMFI_TRANSPORT_LIST
           "\nproviders:"
#define LLMF_PROVIDER(id, name, aliases, dialect, base_url, auth, keys, model, max_tokens, version, embed_model, embed_batch, quirks) LLMFI_BUILT(LLMF_HAS_##id, name)
#include "../../models.def"
           "\noptions:" LLMFI_BUILT(LLMF_HAS_FILES, "files") LLMFI_BUILT(LLMF_HAS_ENV, "env") LLMFI_BUILT(LLMF_HAS_YAML, "yaml")
               LLMFI_BUILT(LLMF_HAS_MODELS, "models") LLMFI_BUILT(LLMF_HAS_EPOLL, "epoll");
}

#endif
