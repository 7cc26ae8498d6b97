/* What a call of several steps was given, copied: it is wanted again at each of them. Look at the arena's `failed` behind all of it. */
#ifndef LLMFI_ENGINE_OWN_H
#define LLMFI_ENGINE_OWN_H
#include "core.h"

#if LLMFI_HAS_STEPS

static void llmfi_own_cstr(llmfi_arena *a, const char **text) {
    if (*text) *text = llmfi_arena_copy(a, llmfi_cstr(*text)).ptr;
}

static void llmfi_own_text(llmfi_arena *a, const char **text, size_t len) {
    if (*text) *text = llmfi_arena_copy(a, llmfi_str(*text, len ? len : llmfi_strlen(*text))).ptr;
}

static void llmfi_own_str(llmfi_arena *a, llmf_str *s) {
    *s = s->ptr && s->len ? llmfi_arena_copy(a, *s) : llmfi_str("", 0);
}

/* `count` things of `size` bytes, copied; the count becomes 0 where there is no memory. */
static void *llmfi_own_array(llmfi_arena *a, const void *from, size_t *count, size_t size) {
    void *to = from && *count ? llmfi_arena_array(a, *count, size) : NULL;
    if (to) memcpy(to, from, *count * size);
    else if (from) *count = 0;
    return to;
}

static void llmfi_own_message(llmfi_arena *a, llmf_message *m) {
    llmf_tool_call *calls = (llmf_tool_call *)llmfi_own_array(a, m->tool_calls, &m->tool_call_count, sizeof *calls);
    llmf_part *parts = (llmf_part *)llmfi_own_array(a, m->parts, &m->part_count, sizeof *parts);
    size_t i;
    m->tool_calls = calls;
    m->parts = parts;
    llmfi_own_text(a, &m->content, m->content_len);
    llmfi_own_str(a, &m->state);
    llmfi_own_str(a, &m->reasoning);
    llmfi_own_str(a, &m->tool_call_id);
    llmfi_own_str(a, &m->name);
    for (i = 0; calls && i < m->tool_call_count; i++) {
        llmfi_own_str(a, &calls[i].id);
        llmfi_own_str(a, &calls[i].name);
        llmfi_own_str(a, &calls[i].arguments);
    }
    for (i = 0; parts && i < m->part_count; i++) {
        llmfi_own_text(a, &parts[i].text, parts[i].text_len);
        llmfi_own_cstr(a, &parts[i].path);
        llmfi_own_cstr(a, &parts[i].url);
        llmfi_own_cstr(a, &parts[i].media_type);
        llmfi_own_cstr(a, &parts[i].name);
        llmfi_own_cstr(a, &parts[i].detail);
    }
}

/* Everything but the bytes of media. Look at the arena's `failed` behind it. */
static void llmfi_own_request(llmfi_arena *a, llmf_request *r) {
    llmf_message *messages = (llmf_message *)llmfi_own_array(a, r->messages, &r->message_count, sizeof *messages);
    llmf_tool *tools = (llmf_tool *)llmfi_own_array(a, r->tools, &r->tool_count, sizeof *tools);
    const char **stop = (const char **)llmfi_own_array(a, r->stop, &r->stop_count, sizeof *stop);
    size_t i;
    if (r->fallbacks) r->fallbacks = (const llmf_model *)llmfi_own_array(a, r->fallbacks, &r->fallback_count, sizeof *r->fallbacks);
    r->messages = messages;
    r->tools = tools;
    r->stop = stop;
    llmfi_own_text(a, &r->prompt, r->prompt_len);
    llmfi_own_text(a, &r->system, r->system_len);
    llmfi_own_cstr(a, &r->tool_choice);
    llmfi_own_cstr(a, &r->format);
    llmfi_own_cstr(a, &r->reasoning);
    llmfi_own_cstr(a, &r->user);
    llmfi_own_cstr(a, &r->extra);
    llmfi_own_cstr(a, &r->trace_parent);
    for (i = 0; messages && i < r->message_count; i++) llmfi_own_message(a, &messages[i]);
    for (i = 0; stop && i < r->stop_count; i++) llmfi_own_cstr(a, &stop[i]);
    for (i = 0; tools && i < r->tool_count; i++) {
        llmfi_own_cstr(a, &tools[i].name);
        llmfi_own_cstr(a, &tools[i].description);
        llmfi_own_cstr(a, &tools[i].parameters);
    }
}

#endif
#endif
