/* Dialects that a program registers (llmf_dialect), seen through the same adapter as our own. */
#ifndef LLMFI_ENGINE_REGISTERED_H
#define LLMFI_ENGINE_REGISTERED_H
#include "info.h"

#if LLMF_HAS_REGISTER

/* The ask is a member of its call. */
static llmfi_call *llmfi_call_of_ask(const llmfi_ask *ask) {
    return (llmfi_call *)(void *)((char *)(uintptr_t)ask - offsetof(llmfi_call, ask));
}

static void llmfi_registered_path(const llmfi_ask *ask, llmfi_out *out) {
    llmfi_call *c = llmfi_call_of_ask(ask);
    const llmf_dialect *d = c->prepared->dialect;
    llmf_model_info info;
    llmfi_fill_info(c->f, &c->prepared->record, &info);
    if (d->path) d->path(d->user, ask->req, &info, (llmf_out *)(void *)out);
}

static bool llmfi_registered_body(const llmfi_ask *ask, unsigned step, llmfi_jw *w) {
    llmfi_call *c = llmfi_call_of_ask(ask);
    const llmf_dialect *d = c->prepared->dialect;
    llmf_model_info info;
    (void)step;
    llmfi_fill_info(c->f, &c->prepared->record, &info);
    llmfi_jw_value(w); /* for the writer the value is there; its bytes the dialect writes itself */
    if (d->body) d->body(d->user, ask->req, &info, (llmf_out *)(void *)w->out);
    return false;
}

static const llmfi_adapter llmfi_registered = {"registered", NULL, llmfi_registered_path, NULL, llmfi_registered_body, 0, 0, NULL, NULL};

static const llmfi_adapter *llmfi_adapter_of(const llmfi_call *c) {
    if (LLMFI_HAS_OPS && c->reply.job) return &c->reply.job->op->face;
    return c->prepared->adapter ? c->prepared->adapter : &llmfi_registered;
}

static int llmfi_framing_of(const llmfi_call *c, bool stream) {
    if (LLMFI_HAS_OPS && c->reply.job) return llmfi_job_framing(c->reply.job, &c->req);
    if (c->prepared->dialect) return stream ? c->prepared->dialect->stream_framing : c->prepared->dialect->framing;
    return stream ? c->prepared->adapter->stream_framing : c->prepared->adapter->framing;
}

static void llmfi_on_frame(llmfi_call *c, llmf_str event, llmf_str data) {
    const llmf_dialect *d = c->prepared->dialect;
    if (d && d->on_frame) d->on_frame(d->user, &c->reply, event, data);
    if (!d) llmfi_adapter_of(c)->on_frame(&c->reply, event, data);
}

#else

static const llmfi_adapter *llmfi_adapter_of(const llmfi_call *c) {
    return LLMFI_HAS_OPS && c->reply.job ? &c->reply.job->op->face : c->prepared->adapter;
}

static int llmfi_framing_of(const llmfi_call *c, bool stream) {
    if (LLMFI_HAS_OPS && c->reply.job) return llmfi_job_framing(c->reply.job, &c->req);
    return stream ? c->prepared->adapter->stream_framing : c->prepared->adapter->framing;
}

static void llmfi_on_frame(llmfi_call *c, llmf_str event, llmf_str data) {
    llmfi_adapter_of(c)->on_frame(&c->reply, event, data);
}

#endif

LLMF_API void llmf_out_write(llmf_out *out, const char *bytes, size_t len) {
    llmfi_put((llmfi_out *)(void *)out, bytes, len);
}

LLMF_API void llmf_out_json_string(llmf_out *out, llmf_str text) {
    llmfi_jw w;
    llmfi_jw_init(&w, (llmfi_out *)(void *)out);
    llmfi_jw_str(&w, text);
}

#endif
