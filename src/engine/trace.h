/* Which trace a call belongs to (W3C Trace Context, level 1), and the header that says so. What is told of it is in spans.h. */
#ifndef LLMFI_ENGINE_TRACE_H
#define LLMFI_ENGINE_TRACE_H
#include "../base/hash.h"
#include "../base/json.h"
#include "core.h"

#if LLMF_HAS_METRICS

enum { LLMFI_TRACE_TEXT = 55 };              /* "00-", 32 digits, "-", 16, "-", 2 */

typedef struct llmfi_trace {
    unsigned char trace[16], span[8], parent[8]; /* parent: zeros where it has none */
    unsigned char flags;
    bool asked;                              /* llmf_request.trace_parent: the header is sent */
    char header[LLMFI_TRACE_TEXT];
    int attempts;                            /* told so far */
    int64_t wall_ms;                         /* when the call began */
    uint64_t attempt_ns;                     /* when the last attempt began */
} llmfi_trace;

/* ---- hex ---- */

/* Lower-case digits only, as the standard has it. */
static bool llmfi_unhex(unsigned char *to, const char *text, size_t len) {
    size_t i;
    for (i = 0; i < 2 * len; i++) {
        unsigned digit = llmfi_hex(text[i]);
        if (digit > 15 || (text[i] >= 'A' && text[i] <= 'F')) return false;
        to[i / 2] = (unsigned char)(i % 2 ? to[i / 2] | digit : digit << 4);
    }
    return true;
}

static bool llmfi_all_zero(const unsigned char *bytes, size_t len) {
    size_t i;
    for (i = 0; i < len && !bytes[i]; i++) continue;
    return i == len;
}

/* ---- ids ---- */

/* An id is not all zeros. */
static void llmfi_trace_id(llmfi_call *c, unsigned char *to, size_t len) {
    llmfi_some_bytes(c, to, len);
    if (llmfi_all_zero(to, len)) to[len - 1] = 1;
}

/* A later version than 00 may have more behind its flags. */
static bool llmfi_trace_parse(llmfi_trace *t, llmf_str s) {
    unsigned char version;
    if (s.len < LLMFI_TRACE_TEXT || s.ptr[2] != '-' || s.ptr[35] != '-' || s.ptr[52] != '-') return false;
    if (!llmfi_unhex(&version, s.ptr, 1) || version == 0xff || !llmfi_unhex(t->trace, s.ptr + 3, 16) || !llmfi_unhex(t->parent, s.ptr + 36, 8) || !llmfi_unhex(&t->flags, s.ptr + 53, 1)) return false;
    if (s.len > LLMFI_TRACE_TEXT && (!version || s.ptr[LLMFI_TRACE_TEXT] != '-')) return false;
    t->flags &= 3; /* sampled, random: what else a later version says is not ours to pass on */
    return !llmfi_all_zero(t->trace, 16) && !llmfi_all_zero(t->parent, 8);
}

/* What is sent on names the call's span where somebody is told of it, else the caller's. */
static void llmfi_trace_write(llmfi_trace *t, bool told) {
    memcpy(t->header, "00-", 3);
    llmfi_hex_lower(t->header + 3, t->trace, 16);
    t->header[35] = '-';
    llmfi_hex_lower(t->header + 36, told ? t->span : t->parent, 8);
    t->header[52] = '-';
    llmfi_hex_lower(t->header + 53, &t->flags, 1);
}

/* Gives the call its place in a trace, where the caller or the hook wants one. False with the error in the reply. */
static bool llmfi_trace_begin(llmfi_call *c) {
    bool told = c->f->desc.span != NULL, good = true;
    llmfi_trace *t;
    if (!told && !c->req.trace_parent) return true;
    t = c->trace = (llmfi_trace *)llmfi_arena_alloc(&c->arena, sizeof *t);
    if (!t) return llmfi_error_memory(&c->reply.error);
    if (told) {
        t->wall_ms = llmfi_wall(c->f);
        llmfi_trace_id(c, t->span, sizeof t->span);
    }
    t->asked = c->req.trace_parent != NULL;
    if (t->asked) good = llmfi_trace_parse(t, llmfi_cstr(c->req.trace_parent));
    if (t->asked && good) {
        llmfi_trace_write(t, told);
        return true;
    }
    t->flags = 1;
    memset(t->parent, 0, sizeof t->parent);
    llmfi_trace_id(c, t->trace, sizeof t->trace);
    return good || llmfi_error_about(&c->reply.error, LLMF_ERR_ARGUMENT, "", LLMFI_LIT("llmf_request.trace_parent"),
                                     ": is no W3C traceparent: 00-, 32 lower-case hex digits, -, 16, -, 2, and no id of zeros");
}

/* ---- the call that somebody started: of a batch the one that it is part of, of a second request (hedge.h) the first ---- */

static llmfi_call *llmfi_seen_call(const llmfi_call *c) {
#if LLMF_HAS_EMBED
    if (c->reply.job && c->reply.job->parent) return (llmfi_call *)c->reply.job->parent;
#endif
#if LLMF_HAS_RETRY
    if (c->hedge_of) return c->hedge_of;
#endif
    return (llmfi_call *)(uintptr_t)c;
}

static bool llmfi_trace_asked(const llmfi_call *c) {
    const llmfi_trace *t = llmfi_seen_call(c)->trace;
    return t && t->asked;
}

static llmf_str llmfi_trace_header(const llmfi_call *c) {
    return llmfi_str(llmfi_seen_call(c)->trace->header, LLMFI_TRACE_TEXT);
}

/* A request is about to be given to the transport: an attempt begins. */
static void llmfi_seen_sent(llmfi_call *c) {
    llmfi_trace *t = llmfi_seen_call(c)->trace;
    c->attempting = true;
    if (t) t->attempt_ns = c->f->now_ns;
}

#else

static bool llmfi_trace_begin(llmfi_call *c) {
    return !c->req.trace_parent || llmfi_error_left_out(&c->reply.error, "llmf_request", "METRICS");
}

#define llmfi_trace_asked(c) ((void)(c), false)
#define llmfi_trace_header(c) ((void)(c), llmfi_str("", 0))
#define llmfi_seen_sent(c) ((void)(c))

#endif
#endif
