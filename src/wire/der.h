/* X.509 certificates as far as a client has to look into them itself: names, dates, key and a few extensions. Views into the bytes; nothing is
   allocated or copied. DER only: definite lengths in their shortest form. Signatures are not its business. */
#ifndef LLMFI_WIRE_DER_H
#define LLMFI_WIRE_DER_H
#include "../base/str.h"

#if LLMF_HAS_BEARSSL

enum {
    LLMFI_DER_BOOLEAN = 0x01, LLMFI_DER_INTEGER = 0x02, LLMFI_DER_BITS = 0x03, LLMFI_DER_OCTETS = 0x04, LLMFI_DER_OID = 0x06, LLMFI_DER_UTC = 0x17,
    LLMFI_DER_TIME = 0x18, LLMFI_DER_SEQUENCE = 0x30, LLMFI_DER_DNS = 0x82, LLMFI_DER_IP = 0x87, LLMFI_DER_VERSION = 0xA0, LLMFI_DER_EXTENSIONS = 0xA3
};

typedef struct llmfi_cert {
    llmf_str issuer, subject, key_info;      /* whole elements; key_info: SubjectPublicKeyInfo */
    int64_t begins, ends;                    /* seconds since 1970 */
    llmf_str algorithm, curve;               /* object identifiers of the key; curve: empty where it is none of an EC key */
    llmf_str key;                            /* the bit string's bytes */
    llmf_str alt_names;                      /* the general names of subjectAltName; ptr NULL: it has none */
    llmf_str uses;                           /* the identifiers of extKeyUsage; ptr NULL: not restricted */
    bool ca;                                 /* basicConstraints says so */
    bool constrained;                        /* it has nameConstraints */
} llmfi_cert;

/* The next element: its tag, its contents, and (NULL allowed) all of it. `in` moves behind it. Zero: there is none, or it is malformed; the contents are empty. */
LLMFI_UNUSED static int llmfi_der_next(llmf_str *in, llmf_str *value, llmf_str *whole) {
    const unsigned char *p = (const unsigned char *)in->ptr;
    size_t head = 2, len, bytes, i;
    *value = llmfi_str("", 0);
    if (in->len < 2 || (p[0] & 0x1F) == 0x1F) return 0;
    len = p[1];
    if (len >= 0x80) {
        bytes = len & 0x7F;
        if (bytes < 1 || bytes > 3 || in->len < 2 + bytes) return 0;
        for (len = 0, i = 0; i < bytes; i++) len = len << 8 | p[2 + i];
        if (len < 0x80 || len >> (8 * (bytes - 1)) == 0) return 0;
        head += bytes;
    }
    if (len > in->len - head) return 0;
    *value = llmfi_str(in->ptr + head, len);
    if (whole) *whole = llmfi_str(in->ptr, head + len);
    *in = llmfi_from(*in, head + len);
    return p[0];
}

/* The next element must have this tag. */
static bool llmfi_der_want(llmf_str *in, int tag, llmf_str *value, llmf_str *whole) {
    return llmfi_der_next(in, value, whole) == tag;
}

static int llmfi_der_two(const char *at) {
    return (at[0] - '0') * 10 + (at[1] - '0');
}

/* "260721120000Z" or "20260721120000Z" in seconds since 1970. */
static bool llmfi_der_time(int tag, llmf_str t, int64_t *out) {
    size_t at = tag == LLMFI_DER_TIME ? 2 : 0, i;
    int year, month, day, hour, minute, second;
    int64_t days;
    if (t.len != at + 13 || t.ptr[at + 12] != 'Z' || (tag != LLMFI_DER_UTC && tag != LLMFI_DER_TIME)) return false;
    for (i = 0; i < at + 12; i++)
        if (!llmfi_is_digit(t.ptr[i])) return false;
    year = llmfi_der_two(t.ptr + at);
    if (tag == LLMFI_DER_UTC) year += year < 50 ? 2000 : 1900;
    else year += llmfi_der_two(t.ptr) * 100;
    month = llmfi_der_two(t.ptr + at + 2), day = llmfi_der_two(t.ptr + at + 4);
    hour = llmfi_der_two(t.ptr + at + 6), minute = llmfi_der_two(t.ptr + at + 8), second = llmfi_der_two(t.ptr + at + 10);
    if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60) return false;
    if (month <= 2) year--, month += 12; /* the year begins with March: its leap day comes last */
    days = (int64_t)year * 365 + year / 4 - year / 100 + year / 400 + (153 * (month - 3) + 2) / 5 + day - 1 - 719468;
    *out = days * 86400 + hour * 3600 + minute * 60 + second;
    return true;
}

static bool llmfi_cert_dates(llmf_str in, llmfi_cert *c) {
    llmf_str v;
    int tag = llmfi_der_next(&in, &v, NULL);
    if (!llmfi_der_time(tag, v, &c->begins)) return false;
    tag = llmfi_der_next(&in, &v, NULL);
    return llmfi_der_time(tag, v, &c->ends);
}

static bool llmfi_cert_key(llmf_str in, llmfi_cert *c) {
    llmf_str algorithm, v;
    if (!llmfi_der_want(&in, LLMFI_DER_SEQUENCE, &algorithm, NULL) || !llmfi_der_want(&algorithm, LLMFI_DER_OID, &c->algorithm, NULL)) return false;
    if (llmfi_der_next(&algorithm, &v, NULL) == LLMFI_DER_OID) c->curve = v;
    if (!llmfi_der_want(&in, LLMFI_DER_BITS, &v, NULL) || !v.len || v.ptr[0]) return false;
    c->key = llmfi_from(v, 1);
    return true;
}

/* Two bytes behind 2.5.29 name the extensions that matter here: all others are BearSSL's to accept or refuse. */
static bool llmfi_cert_extension(llmf_str in, llmfi_cert *c) {
    llmf_str oid, v, inner;
    int tag;
    if (!llmfi_der_want(&in, LLMFI_DER_OID, &oid, NULL)) return false;
    tag = llmfi_der_next(&in, &v, NULL);
    if (tag == LLMFI_DER_BOOLEAN) tag = llmfi_der_next(&in, &v, NULL);
    if (tag != LLMFI_DER_OCTETS) return false;
    if (oid.len != 3 || memcmp(oid.ptr, "\x55\x1D", 2)) return true;
    switch (oid.ptr[2]) {
    case 17: return llmfi_der_want(&v, LLMFI_DER_SEQUENCE, &c->alt_names, NULL);
    case 37: return llmfi_der_want(&v, LLMFI_DER_SEQUENCE, &c->uses, NULL);
    case 30: c->constrained = true; return true;
    case 19:
        if (!llmfi_der_want(&v, LLMFI_DER_SEQUENCE, &inner, NULL)) return false;
        c->ca = llmfi_der_next(&inner, &v, NULL) == LLMFI_DER_BOOLEAN && v.len == 1 && v.ptr[0];
        return true;
    default: return true;
    }
}

/* False: not a certificate, or one that is malformed where it is looked at. */
LLMFI_UNUSED static bool llmfi_cert_read(llmf_str der, llmfi_cert *c) {
    llmf_str cert, in, v, list;
    int tag;
    memset(c, 0, sizeof *c);
    if (!llmfi_der_want(&der, LLMFI_DER_SEQUENCE, &cert, NULL) || der.len || !llmfi_der_want(&cert, LLMFI_DER_SEQUENCE, &in, NULL)) return false;
    tag = llmfi_der_next(&in, &v, NULL);
    if (tag == LLMFI_DER_VERSION) tag = llmfi_der_next(&in, &v, NULL);
    if (tag != LLMFI_DER_INTEGER || !llmfi_der_want(&in, LLMFI_DER_SEQUENCE, &v, NULL) || !llmfi_der_want(&in, LLMFI_DER_SEQUENCE, &v, &c->issuer) ||
        !llmfi_der_want(&in, LLMFI_DER_SEQUENCE, &v, NULL) || !llmfi_cert_dates(v, c) || !llmfi_der_want(&in, LLMFI_DER_SEQUENCE, &v, &c->subject) ||
        !llmfi_der_want(&in, LLMFI_DER_SEQUENCE, &v, &c->key_info) || !llmfi_cert_key(v, c))
        return false;
    while ((tag = llmfi_der_next(&in, &v, NULL)) != 0) {
        if (tag != LLMFI_DER_EXTENSIONS) continue;
        if (!llmfi_der_want(&v, LLMFI_DER_SEQUENCE, &list, NULL)) return false;
        while (list.len)
            if (!llmfi_der_want(&list, LLMFI_DER_SEQUENCE, &v, NULL) || !llmfi_cert_extension(v, c)) return false;
    }
    return !in.len;
}

/* May it stand for a server? True also where it does not say what it may do. */
LLMFI_UNUSED static bool llmfi_cert_serves(const llmfi_cert *c) {
    llmf_str in = c->uses, oid;
    if (!in.ptr) return true;
    while (llmfi_der_next(&in, &oid, NULL))
        if ((oid.len == 8 && !memcmp(oid.ptr, "\x2B\x06\x01\x05\x05\x07\x03\x01", 8)) || (oid.len == 4 && !memcmp(oid.ptr, "\x55\x1D\x25\x00", 4))) return true;
    return false;
}

/* ---- the host ---- */

/* A name that some resolver takes for an address: its last label begins with a digit. No certificate's DNS name speaks for it. */
LLMFI_UNUSED static bool llmfi_host_is_number(llmf_str host) {
    size_t at = host.len;
    while (at && host.ptr[at - 1] != '.') at--;
    return at < host.len && llmfi_is_digit(host.ptr[at]);
}

/* A certificate's name against the host. A star stands for one whole label, the leftmost, and only before two labels or more. */
LLMFI_UNUSED static bool llmfi_host_matches(llmf_str name, llmf_str host) {
    size_t dot;
    if (!name.len || llmfi_find_char(name, '\0') != LLMFI_NOWHERE) return false;
    if (name.len < 2 || name.ptr[0] != '*' || name.ptr[1] != '.') return llmfi_eq_nocase(name, host);
    name = llmfi_from(name, 1);
    dot = llmfi_find_char(llmfi_from(name, 1), '.');
    if (dot == 0 || dot == LLMFI_NOWHERE || dot + 2 >= name.len || llmfi_find_char(name, '*') != LLMFI_NOWHERE) return false;
    dot = llmfi_find_char(host, '.');
    return dot != LLMFI_NOWHERE && dot > 0 && llmfi_eq_nocase(name, llmfi_from(host, dot));
}

/* Is it the certificate of this host (without a dot at its end)? `ip`: the host is an address, these bytes; else ip.len is 0. Only subjectAltName counts. */
LLMFI_UNUSED static bool llmfi_cert_is_of(const llmfi_cert *c, llmf_str host, llmf_str ip) {
    llmf_str in = c->alt_names, v;
    int tag;
    while ((tag = llmfi_der_next(&in, &v, NULL)) != 0) {
        if (ip.len ? tag == LLMFI_DER_IP && llmfi_eq(v, ip) : tag == LLMFI_DER_DNS && !llmfi_host_is_number(host) && llmfi_host_matches(v, host)) return true;
    }
    return false;
}

#endif
#endif
