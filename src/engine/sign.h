/* Requests to AWS: signed with a pair of keys once the body's digest is known. */
#ifndef LLMFI_ENGINE_SIGN_H
#define LLMFI_ENGINE_SIGN_H
#include "core.h"

#if LLMF_HAS_AWS

/* The service that signs for a host, where it is another than Bedrock. */
static llmf_str llmfi_sign_service(llmf_str host) {
    return llmfi_starts(host, LLMFI_LIT("bedrock-mantle.")) ? LLMFI_LIT("bedrock-mantle") : LLMFI_LIT("bedrock");
}

/* As the config has it, else as the host's name does: <service>.<region>.amazonaws.com. Empty: neither. */
static llmf_str llmfi_sign_region(const llmfi_call *c, llmf_str host) {
    llmf_str region = c->prepared->record.s.region, rest;
    size_t dot = llmfi_find_char(host, '.');
    if (region.len || dot == LLMFI_NOWHERE || llmfi_find_nocase(host, LLMFI_LIT(".amazonaws.com")) == LLMFI_NOWHERE) return region;
    rest = llmfi_from(host, dot + 1);
    dot = llmfi_find_char(rest, '.');
    rest.len = dot == LLMFI_NOWHERE ? 0 : dot;
    return LLMFI_IS(rest, "amazonaws") ? llmfi_str("", 0) : rest;
}

static llmf_str llmfi_sign_header(llmfi_call *c, const char *name) {
    size_t i;
    for (i = 0; i < c->x.req.header_count; i++)
        if (llmfi_eq_nocase(c->x.req.headers[i].name, llmfi_cstr(name))) return c->x.req.headers[i].value;
    return llmfi_str("", 0);
}

/* Those that are signed: what says who asks for what. Others may be changed on their way. At most five. */
static size_t llmfi_sign_headers(llmfi_call *c, llmf_str host, llmf_header *to) {
    static const char *const names[] = { "Content-Type", "X-Amz-Date", "X-Amz-Security-Token", "X-Amz-Content-Sha256" };
    size_t i, n = 1;
    to[0].name = LLMFI_LIT("Host");
    to[0].value = host;
    for (i = 0; i < LLMFI_COUNT(names); i++) {
        llmf_str value = llmfi_sign_header(c, names[i]);
        if (!value.len) continue;
        to[n].name = llmfi_cstr(names[i]);
        to[n++].value = value;
    }
    return n;
}

/* Writes what the signature is of into the header that waits for it, the last one. */
static bool llmfi_sign_write(llmfi_call *c, const llmfi_sigv4 *s) {
    llmf_header *h = (llmf_header *)(uintptr_t)&c->x.req.headers[c->x.req.header_count - 1];
    llmfi_out o;
    size_t len;
    char *value;
    llmfi_out_count(&o);
    llmfi_sigv4_authorization(s, &o);
    len = (size_t)o.total;
    value = (char *)llmfi_arena_alloc(&c->arena, len);
    if (!value) return llmfi_error_memory(&c->reply.error);
    llmfi_out_window(&o, value, len, 0);
    llmfi_sigv4_authorization(s, &o);
    h->value = c->secret = llmfi_str(value, len);
    return llmfi_header_ok(h->name, h->value) ||
           llmfi_error_set(&c->reply.error, LLMF_ERR_AUTH, "the AWS access key id, or the region, holds a character that HTTP does not allow: look at how it is stored");
}

/* digest: of the body. */
static bool llmfi_sign(llmfi_call *c, const unsigned char digest[LLMFI_SHA256]) {
    char hex[LLMFI_SIGV4_HEX];
    llmf_header headers[5];
    llmfi_url_error bad;
    llmfi_sigv4 s;
    llmfi_url url;
    if (!llmfi_url_parse(c->x.req.url, &url, &bad)) return llmfi_error_set(&c->reply.error, LLMF_ERR_CONFIG, "base_url: cannot be signed for AWS: it is no URL");
    llmfi_hex_lower(hex, digest, LLMFI_SHA256);
    memset(&s, 0, sizeof s);
    s.method = c->x.req.method;
    s.path = url.path;
    s.query = url.query;
    s.headers = headers;
    s.header_count = llmfi_sign_headers(c, url.authority, headers);
    s.region = llmfi_sign_region(c, url.host);
    s.service = llmfi_sign_service(url.host);
    s.payload = llmfi_str(hex, sizeof hex);
    s.keys = *c->aws;
    memcpy(s.time, llmfi_sign_header(c, "X-Amz-Date").ptr, LLMFI_SIGV4_TIME);
    if (!s.region.len) return llmfi_error_set(&c->reply.error, LLMF_ERR_CONFIG, "no AWS region to sign for: set region_name in the config, or AWS_REGION");
    return llmfi_sign_write(c, &s);
}

/* ---- what must be there before ---- */

/* The keys of this call: copied, and wiped with it, however far this comes. */
static bool llmfi_sign_keys(llmfi_call *c, llmfi_aws_keys keys) {
    c->aws = (llmfi_aws_keys *)llmfi_arena_alloc(&c->arena, sizeof *c->aws);
    if (!c->aws) return llmfi_error_memory(&c->reply.error);
    keys.id = llmfi_arena_copy(&c->arena, keys.id);
    keys.secret = llmfi_arena_copy(&c->arena, keys.secret);
    keys.token = llmfi_arena_copy(&c->arena, keys.token);
    *c->aws = keys;
    if (c->arena.failed) return llmfi_error_memory(&c->reply.error);
    c->reply.key = keys.secret;
    c->signs = true;
    return llmfi_header_ok(LLMFI_LIT("X-Amz-Security-Token"), keys.token) ||
           llmfi_error_set(&c->reply.error, LLMF_ERR_AUTH, "the AWS session token holds a line break or another character that HTTP does not allow: look at how it is stored");
}

/* The time of the signature as X-Amz-Date; empty with the error. */
static llmf_str llmfi_sign_date(llmfi_call *c) {
    char *date = (char *)llmfi_arena_alloc(&c->arena, LLMFI_SIGV4_TIME + 1);
    if (!date) {
        llmfi_error_memory(&c->reply.error);
        return llmfi_str("", 0);
    }
    llmfi_sigv4_time(date, llmfi_wall(c->f));
    return llmfi_str(date, LLMFI_SIGV4_TIME);
}

#endif
#endif
