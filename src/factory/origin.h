/* A key goes to the servers it is for, and to no other:

     what llmf_desc says, key or base_url, is the program's own matter
     a key that an entry of the config names goes where that entry's base_url leads
     one that is inherited (by a model's entry that has a base_url of its own, or from the provider's variables) goes to the provider's own server: that of its
     row, of its <NAME>_BASE_URL, or of the entry that names the key
     any key may go to this machine: many proxies are used that way

   A server is a scheme, a host and a port, compared exactly. Where the host of a row has a {hole}, one label of a name may stand there. */
#ifndef LLMFI_FACTORY_ORIGIN_H
#define LLMFI_FACTORY_ORIGIN_H
#include "../wire/url.h"
#include "resolve.h"

#if LLMF_HAS_CONFIG

/* The front of a URL, to the end of its host and port. */
static llmf_str llmfi_origin_text(llmf_str url) {
    size_t i = llmfi_url_scheme(url);
    for (i = i ? i + 3 : 0; i < url.len && url.ptr[i] != '/' && url.ptr[i] != '?';) i++;
    return llmfi_str(url.ptr, i);
}

/* The root's dot at a name's end is no difference. */
static llmf_str llmfi_origin_host(llmf_str host) {
    if (host.len && host.ptr[host.len - 1] == '.') host.len--;
    return host;
}

/* Scheme, host and port of a base URL whose host has holes. */
static bool llmfi_origin_template(llmf_str url, llmfi_url *to) {
    llmf_str front = llmfi_origin_text(url);
    size_t n = llmfi_url_scheme(front), i;
    memset(to, 0, sizeof *to);
    if (!n) return false;
    to->scheme = llmfi_str(front.ptr, n);
    to->port = llmfi_url_default_port(to->scheme);
    to->host = llmfi_from(front, n + 3);
    for (i = to->host.len; i > 0 && to->host.ptr[i - 1] != '}'; i--) {
        if (to->host.ptr[i - 1] != ':') continue;
        if (!llmfi_url_port(llmfi_from(to->host, i), &to->port)) return false;
        to->host.len = i - 1;
    }
    return to->port != 0;
}

/* A host that the pattern can make: for a {hole} stands what one label of a name has, or nothing. What stands behind the last hole has a dot: else it could be any. */
static bool llmfi_origin_fits(llmf_str pattern, llmf_str host) {
    size_t p = 0, h = 0, hole = LLMFI_NOWHERE, back = 0;
    bool dot = false;
    for (p = pattern.len; p > 0 && pattern.ptr[p - 1] != '}'; p--) dot = dot || pattern.ptr[p - 1] == '.';
    if (!dot) return false;
    for (p = 0; h < host.len;) {
        llmf_str rest = llmfi_from(pattern, p);
        size_t close = rest.len && rest.ptr[0] == '{' ? llmfi_find_char(rest, '}') : LLMFI_NOWHERE;
        if (close != LLMFI_NOWHERE) {
            hole = p += close + 1;
            back = h;
        } else if (rest.len && llmfi_eq_nocase(llmfi_str(rest.ptr, 1), llmfi_str(host.ptr + h, 1))) {
            p++;
            h++;
        } else if (hole != LLMFI_NOWHERE && host.ptr[back] != '.') {
            p = hole;
            h = ++back;
        } else {
            return false;
        }
    }
    return p == pattern.len;
}

/* Does the base URL `own` lead to the server of `url`? */
static bool llmfi_origin_is(llmf_str own, const llmfi_url *url) {
    llmfi_url of;
    llmfi_url_error bad;
    bool holes = llmfi_find_char(llmfi_origin_text(own), '{') != LLMFI_NOWHERE;
    size_t query = llmfi_find_char(own, '{');
    if (!holes && query != LLMFI_NOWHERE) own = llmfi_origin_text(own); /* its holes are in the path */
    if (!(holes ? llmfi_origin_template(own, &of) : llmfi_url_parse(own, &of, &bad)) || !of.port) return false;
    if (!llmfi_eq_nocase(of.scheme, url->scheme) || of.port != url->port || of.ipv6 != url->ipv6) return false;
    if (holes) return llmfi_origin_fits(llmfi_origin_host(of.host), llmfi_origin_host(url->host));
    return llmfi_eq_nocase(llmfi_origin_host(of.host), llmfi_origin_host(url->host));
}

/* localhost, 127.0.0.0/8 as an address of four numbers, ::1. */
static bool llmfi_origin_here(const llmfi_url *url) {
    llmf_str host = llmfi_origin_host(url->host);
    int dots = 0, digits = 0, value = 0;
    size_t i;
    if (url->ipv6) return LLMFI_IS(url->host, "::1");
    if (LLMFI_NAMED(host, "localhost")) return true;
    if (!llmfi_starts(host, LLMFI_LIT("127."))) return false;
    for (i = 0; i < host.len; i++) {
        if (host.ptr[i] == '.') {
            if (!digits) return false;
            dots++;
            digits = value = 0;
        } else {
            if (!llmfi_is_digit(host.ptr[i])) return false;
            value = value * 10 + (host.ptr[i] - '0');
            if (++digits > 3 || value > 255) return false;
        }
    }
    return dots == 3 && digits > 0;
}

/* The base URL whose server a key of that owner is for. */
static llmf_str llmfi_origin_own(const llmfi_provider *p, int owner) {
    return owner == LLMFI_OWNER_TABLE && p->row >= 0 ? p->own_url : p->base_url;
}

/* May what belongs to `owner` go to that URL? also: another base URL of the provider's, for an operation; empty. */
LLMFI_UNUSED static bool llmfi_origin_ok(const llmfi_record *r, const llmf_desc *desc, int owner, llmf_str target, llmf_str also) {
    llmfi_url url;
    llmfi_url_error bad;
    if (owner == LLMFI_OWNER_PROGRAM || owner == LLMFI_OWNER_MODEL || (desc->base_url && desc->base_url[0])) return true;
    if (!llmfi_url_parse(target, &url, &bad) || !url.port) return false;
    return llmfi_origin_is(llmfi_origin_own(r->provider, owner), &url) || (also.len && llmfi_origin_is(also, &url)) || llmfi_origin_here(&url);
}

/* Why not, and what to do. what: "the key", "its header X". */
LLMFI_UNUSED static LLMFI_COLD bool llmfi_origin_refuse(const llmfi_record *r, int owner, const char *what, llmf_str name, llmf_str target, llmf_error *err) {
    const llmfi_provider *p = r->provider;
    llmf_str word = p->api_key_env_var, list = p->key_variables;
    llmfi_text t = llmfi_error_begin(err, LLMF_ERR_AUTH);
    int auth = 0;
    llmfi_say_c(&t, what);
    llmfi_say(&t, name);
    LLMFI_SAY(&t, " of ");
    llmfi_say(&t, p->name);
    LLMFI_SAY(&t, " is for ");
    llmfi_say_path(&t, llmfi_origin_text(llmfi_origin_own(p, owner)));
    LLMFI_SAY(&t, "; base_url leads to ");
    llmfi_say_path(&t, llmfi_origin_text(target));
    if (name.len) {
        LLMFI_SAY(&t, ": write the header that this host shall get into the entry that has the base_url");
        return false;
    }
    if (!word.len && llmfi_next_word(&list, &word)) word = llmfi_key_variable(word, &auth);
    LLMFI_SAY(&t, ": name the key that this host shall get (api_key_env_var: ");
    llmfi_say(&t, word.len ? word : LLMFI_LIT("NAME"));
    LLMFI_SAY(&t, " in the same entry)");
    return false;
}

#endif
#endif
