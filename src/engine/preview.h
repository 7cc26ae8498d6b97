/* What would be sent: the same request, built by the same code, written into memory instead of a connection; keys blotted out. */
#ifndef LLMFI_ENGINE_PREVIEW_H
#define LLMFI_ENGINE_PREVIEW_H
#include "models.h"

static bool llmfi_preview_body(llmfi_call *c, llmf_preview *p) {
    size_t got;
    while (llmfi_buf_reserve(&c->raw, 4096) && (got = llmfi_body_read(&c->body, c->raw.ptr + c->raw.len, c->raw.cap - c->raw.len)) > 0) c->raw.len += got;
    if (c->raw.len != c->x.req.body_len) return llmfi_error_memory(&c->reply.error);
    p->body = llmfi_buf_str(&c->raw);
    return true;
}

static void llmfi_preview_fill(llmfi_call *c, llmf_preview *p) {
    size_t i;
    bool secrets = c->secrets;
    llmfi_wipe_secrets(c); /* nothing will be sent */
    p->method = c->x.req.method;
    p->url = c->x.req.url;
    p->headers = c->x.req.headers;
    p->header_count = c->x.req.header_count;
    for (i = 0; i < p->header_count; i++)
        if ((c->secret.len && p->headers[i].value.ptr == c->secret.ptr) || (secrets && llmfi_header_secret(p->headers[i].name)))
            ((llmf_header *)(uintptr_t)&p->headers[i])->value = LLMFI_LIT("REDACTED");
}

LLMF_API llmf_result llmf_preview_abi(llmf_factory *f, llmf_model m, const llmf_request *req, size_t req_size, llmf_preview *p, size_t p_size) {
    llmf_preview made;
    llmfi_call *c = f ? llmfi_call_open(f, req, req_size) : NULL;
    memset(&made, 0, sizeof made);
    if (!c) {
        if (f) made.error = f->last_error;
        else llmfi_error_set(&made.error, LLMF_ERR_ARGUMENT, "the factory is NULL");
    } else {
        c->previewing = true;
        made.call.id = c->id;
        if (llmfi_call_build(c, m) && llmfi_preview_body(c, &made)) llmfi_preview_fill(c, &made);
        made.error = c->reply.error;
        c->ended = c->taken = true;
        f->active--;
    }
    if (p) memcpy(p, &made, p_size < sizeof made ? p_size : sizeof made);
    return (llmf_result)made.error.code;
}

#endif
