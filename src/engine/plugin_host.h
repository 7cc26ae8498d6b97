/* What a plugin may call of the library: see plugin_api.h. */
#ifndef LLMFI_ENGINE_PLUGIN_HOST_H
#define LLMFI_ENGINE_PLUGIN_HOST_H
#include "core.h"

#if LLMF_HAS_PLUGINS

/* A plugin that is older does not know the members at the end. */
static void llmfi_host_usage(llmf_reply *r, const llmf_usage *usage, size_t usage_size) {
    llmf_usage all;
    all.input = all.cache_read = all.cache_write = all.output = all.reasoning = LLMF_UNKNOWN;
    memcpy(&all, usage, usage_size < sizeof all ? usage_size : sizeof all);
    llmf_reply_usage(r, &all);
}

static const llmf_host llmfi_host = {
    LLMF_ABI,
    (uint32_t)sizeof(llmf_host),
    llmf_out_write,
    llmf_out_json_string,
    llmf_reply_text,
    llmf_reply_reasoning,
    llmf_reply_tool,
    llmf_reply_finish,
    llmfi_host_usage,
    llmf_reply_error,
    llmf_reply_done,
    llmf_json_each,
    llmf_json_get,
    llmf_json_string,
    llmf_json_number,
    llmf_json_valid
};

#endif
#endif
