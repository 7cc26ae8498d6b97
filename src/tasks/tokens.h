/* Tokens counted without asking a provider: the public side of engine/tokens.h. */
#ifndef LLMFI_TASKS_TOKENS_H
#define LLMFI_TASKS_TOKENS_H
#include "../engine/models.h"
#include "../engine/tokens.h"

#if LLMF_HAS_TOKENS

LLMF_API llmf_tokens *llmf_tokens_open_abi(llmf_factory *f, const llmf_tokens_desc *desc, size_t desc_size, llmf_error *err) {
    llmf_tokens_desc d;
    llmf_error why;
    llmf_tokens *t;
    memset(&d, 0, sizeof d);
    llmfi_error_clear(&why);
    if (desc) memcpy(&d, desc, desc_size < sizeof d ? desc_size : sizeof d);
    t = llmfi_tokens_open(f ? &f->heap : NULL, &d, &why);
    if (f && !t) f->last_error = why;
    if (err) *err = why;
    return t;
}

LLMF_API void llmf_tokens_close(llmf_tokens *t) {
    llmfi_tokens_close(t);
}

LLMF_API int64_t llmf_tokens_encode(llmf_tokens *t, llmf_str text, int flags, uint32_t *ids, size_t cap) {
    llmfi_ids out;
    if (!t || (!text.ptr && text.len) || (!ids && cap)) return -(int64_t)LLMF_ERR_ARGUMENT;
    out.ids = ids;
    out.cap = cap;
    out.count = 0;
    if (text.len && !llmfi_tokens_run(t, text, (flags & LLMF_TOKENS_SPECIAL) != 0, &out)) return -(int64_t)LLMF_ERR_MEMORY;
    return out.count;
}

LLMF_API int64_t llmf_tokens_decode(const llmf_tokens *t, const uint32_t *ids, size_t count, char *out, size_t cap) {
    int64_t len = 0;
    size_t i, k;
    if (!t || (!ids && count) || (!out && cap)) return -(int64_t)LLMF_ERR_ARGUMENT;
    for (i = 0; i < count; i++) {
        uint32_t id = ids[i], from = id < t->ranks.count ? t->ranks.start[id] : 0;
        size_t n = id < t->ranks.count ? t->ranks.start[id + 1] - from : 0, room;
        const char *bytes = (const char *)t->ranks.bytes + from;
        for (k = 0; !n && k < LLMFI_COUNT(llmfi_specials); k++) {
            if (llmfi_specials[k].encoding != t->ranks.encoding || llmfi_specials[k].id != id) continue;
            bytes = llmfi_specials[k].text;
            n = llmfi_strlen(bytes);
        }
        if (!n) return -(int64_t)LLMF_ERR_ARGUMENT;
        room = (uint64_t)len < cap ? cap - (size_t)len : 0;
        if (room) memcpy(out + len, bytes, n < room ? n : room);
        len += (int64_t)n;
    }
    return len;
}

LLMF_API int64_t llmf_count_tokens_abi(llmf_factory *f, llmf_model m, const llmf_request *req, size_t req_size, int *method) {
    uint32_t at = f ? llmfi_handle_at(&f->handles, m) : 0;
    llmfi_prepared *p = at ? llmfi_handle_use(&f->handles, f->config, at, &f->last_error) : NULL;
    llmf_request r;
    bool exact = false;
    int64_t n;
    if (method) *method = 0;
    if (!f || !req) return -(int64_t)LLMF_ERR_ARGUMENT;
    if (!at) return -(int64_t)LLMF_ERR_STALE;
    if (!p) return -(int64_t)f->last_error.code;
    memset(&r, 0, sizeof r);
    memcpy(&r, req, req_size < sizeof r ? req_size : sizeof r);
    n = llmfi_request_tokens(f, &p->record, &r, &exact);
    if (method) *method = exact ? LLMF_TOKENS_EXACT : LLMF_TOKENS_ESTIMATE;
    return n;
}

#else

LLMF_API llmf_tokens *llmf_tokens_open_abi(llmf_factory *f, const llmf_tokens_desc *desc, size_t desc_size, llmf_error *err) {
    llmf_error why;
    (void)desc, (void)desc_size;
    llmfi_error_clear(&why);
    llmfi_error_left_out(&why, "llmf_tokens_open", "TOKENS");
    if (f) f->last_error = why;
    if (err) *err = why;
    return NULL;
}

LLMF_API void llmf_tokens_close(llmf_tokens *t) {
    (void)t;
}

LLMF_API int64_t llmf_tokens_encode(llmf_tokens *t, llmf_str text, int flags, uint32_t *ids, size_t cap) {
    (void)t, (void)text, (void)flags, (void)ids, (void)cap;
    return -(int64_t)LLMF_ERR_NOT_BUILT;
}

LLMF_API int64_t llmf_tokens_decode(const llmf_tokens *t, const uint32_t *ids, size_t count, char *out, size_t cap) {
    (void)t, (void)ids, (void)count, (void)out, (void)cap;
    return -(int64_t)LLMF_ERR_NOT_BUILT;
}

LLMF_API int64_t llmf_count_tokens_abi(llmf_factory *f, llmf_model m, const llmf_request *req, size_t req_size, int *method) {
    (void)m, (void)req, (void)req_size;
    if (method) *method = 0;
    if (f) llmfi_error_left_out(&f->last_error, "llmf_count_tokens", "TOKENS");
    return -(int64_t)LLMF_ERR_NOT_BUILT;
}

#endif
#endif
