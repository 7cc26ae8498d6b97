/* What a server's certificate must be, beyond the chain and the dates that BearSSL checks: the host's by our own rule, made for servers, without name
   constraints. BearSSL's engine is given this in place of its own checker, which it asks for the rest. It lives as long as the handshake. */
#ifndef LLMFI_NET_VERIFY_H
#define LLMFI_NET_VERIFY_H
#include "anchors.h"
#include "resolve.h"
#include "../base/clock.h"

#if LLMF_HAS_BEARSSL

/* Certificates that a server may send. */
#define LLMFI_MAX_CHAIN 64
/* 1970-01-01 in days since the year 0, as BearSSL counts them. */
#define LLMFI_DAYS_1970 719528

/* Of a piece of 4 KiB. */
typedef struct llmfi_verify {
    const br_x509_class *vtable;             /* first: BearSSL sees no more of it */
    llmfi_heap *heap;
    llmf_str host;                           /* without a dot at its end */
    unsigned char ip[16];
    size_t ip_len;                           /* 0: the host is a name */
    char *cert;                              /* the certificate that is coming; NULL: no memory, or not looked at */
    size_t cert_len, cert_size;
    unsigned count;                          /* certificates so far */
    unsigned error;                          /* BR_ERR_X509_… of our own checks; 0: none */
    const char *why;                         /* in words, where `error` alone would not tell; NULL: it does */
    int64_t now;                             /* seconds since 1970 */
    bool insecure;                           /* whatever it is: only its key is wanted */
    br_x509_pkey key;                        /* of an insecure one: in `cert` */
    br_x509_minimal_context minimal;
} llmfi_verify;

static llmfi_verify *llmfi_verify_of(const br_x509_class *const *ctx) {
    return (llmfi_verify *)(uintptr_t)ctx;
}

static void llmfi_verify_refuse(llmfi_verify *v, unsigned error, const char *why) {
    if (v->error) return;
    v->error = error;
    v->why = why;
}

static void llmfi_verify_start_chain(const br_x509_class **ctx, const char *server_name) {
    llmfi_verify *v = llmfi_verify_of(ctx);
    (void)server_name; /* the host rule is ours */
    v->minimal.vtable->start_chain(&v->minimal.vtable, NULL);
}

static void llmfi_verify_start_cert(const br_x509_class **ctx, uint32_t length) {
    llmfi_verify *v = llmfi_verify_of(ctx);
    v->count++;
    if (v->insecure && v->count > 1) return;
    if (v->count > LLMFI_MAX_CHAIN || length > LLMFI_MAX_CERT) {
        llmfi_verify_refuse(v, BR_ERR_X509_LIMIT_EXCEEDED, LLMFI_WORDS("the server's certificates are more, or larger, than any should be"));
        return;
    }
    v->minimal.vtable->start_cert(&v->minimal.vtable, length);
    v->cert_len = 0;
    if (length > v->cert_size) {
        llmfi_heap_free(v->heap, v->cert);
        v->cert = (char *)llmfi_heap_alloc(v->heap, length);
        v->cert_size = v->cert ? length : 0;
    }
    if (!v->cert) llmfi_verify_refuse(v, BR_ERR_X509_LIMIT_EXCEEDED, LLMFI_WORDS("no memory for the server's certificate: raise memory_size"));
}

/* Anything more of this certificate? */
static bool llmfi_verify_looks(const llmfi_verify *v) {
    return v->count <= LLMFI_MAX_CHAIN && v->cert && !(v->insecure && v->count > 1) && v->error != BR_ERR_X509_LIMIT_EXCEEDED;
}

static void llmfi_verify_append(const br_x509_class **ctx, const unsigned char *bytes, size_t len) {
    llmfi_verify *v = llmfi_verify_of(ctx);
    if (!llmfi_verify_looks(v) || len > v->cert_size - v->cert_len) return;
    memcpy(v->cert + v->cert_len, bytes, len);
    v->cert_len += len;
    v->minimal.vtable->append(&v->minimal.vtable, bytes, len);
}

static void llmfi_verify_end_cert(const br_x509_class **ctx) {
    llmfi_verify *v = llmfi_verify_of(ctx);
    llmf_str der = llmfi_str(v->cert, v->cert_len);
    llmfi_cert c;
    if (!llmfi_verify_looks(v)) return;
    v->minimal.vtable->end_cert(&v->minimal.vtable);
    if (!llmfi_cert_read(der, &c)) {
        llmfi_verify_refuse(v, BR_ERR_X509_UNEXPECTED, NULL);
        return;
    }
    if (v->insecure && !llmfi_cert_pkey(&c, &v->key)) v->key.key_type = 0;
    if (v->insecure) return;
    if (c.ends < v->now) llmfi_verify_refuse(v, BR_ERR_X509_EXPIRED, v->count == 1 ? NULL : LLMFI_WORDS("a certificate above the server's has expired"));
    if (c.begins > v->now) llmfi_verify_refuse(v, BR_ERR_X509_EXPIRED, LLMFI_WORDS("the server's certificate is not valid yet (is the clock right?)"));
    if (v->count == 1) {
        if (llmfi_eq(c.issuer, c.subject)) v->why = LLMFI_WORDS("the server's certificate is self-signed: unknown issuer. Set ca_file or ca_pem if that is right");
        if (!llmfi_cert_is_of(&c, v->host, llmfi_str((const char *)v->ip, v->ip_len))) llmfi_verify_refuse(v, BR_ERR_X509_BAD_SERVER_NAME, NULL);
        if (!llmfi_cert_serves(&c)) llmfi_verify_refuse(v, BR_ERR_X509_FORBIDDEN_KEY_USAGE, NULL);
    } else if (c.constrained) {
        llmfi_verify_refuse(v, BR_ERR_X509_CRITICAL_EXTENSION, NULL); /* BearSSL passes over those that are not marked critical */
    }
}

static unsigned llmfi_verify_end_chain(const br_x509_class **ctx) {
    llmfi_verify *v = llmfi_verify_of(ctx);
    unsigned error;
    if (v->insecure) return v->key.key_type ? 0 : BR_ERR_X509_UNSUPPORTED;
    error = v->minimal.vtable->end_chain(&v->minimal.vtable);
    if (v->error == BR_ERR_X509_LIMIT_EXCEEDED || v->error == BR_ERR_X509_EXPIRED || !error) error = v->error; /* ours say more */
    else if (error != BR_ERR_X509_NOT_TRUSTED) v->why = NULL;
    return error;
}

static const br_x509_pkey *llmfi_verify_get_pkey(const br_x509_class *const *ctx, unsigned *usages) {
    llmfi_verify *v = llmfi_verify_of(ctx);
    if (!v->insecure) return v->minimal.vtable->get_pkey(&v->minimal.vtable, usages);
    if (usages) *usages = BR_KEYTYPE_KEYX | BR_KEYTYPE_SIGN;
    return &v->key;
}

static const br_x509_class llmfi_verify_class = {sizeof(llmfi_verify), llmfi_verify_start_chain, llmfi_verify_start_cert, llmfi_verify_append,
                                                 llmfi_verify_end_cert, llmfi_verify_end_chain, llmfi_verify_get_pkey};

/* The host as its certificate and the handshake name it: an address becomes bytes, a dot at the end goes. */
static void llmfi_verify_host(llmfi_verify *v, llmf_str host) {
    char text[64];
    if (host.len && host.ptr[host.len - 1] == '.') host.len--;
    v->host = host;
    v->ip_len = 0;
    if (host.len >= sizeof text) return;
    memcpy(text, host.ptr, host.len);
    text[host.len] = '\0';
    if (inet_pton(AF_INET, text, v->ip) == 1) v->ip_len = 4;
    else if (inet_pton(AF_INET6, text, v->ip) == 1) v->ip_len = 16;
}

/* NULL: no memory. `anchors` and `host` live longer. */
static llmfi_verify *llmfi_verify_new(llmfi_heap *heap, const br_x509_trust_anchor *anchors, size_t count, llmf_str host, int64_t now) {
    llmfi_verify *v = (llmfi_verify *)llmfi_heap_alloc(heap, sizeof *v);
    if (!v) return NULL;
    memset(v, 0, sizeof *v);
    v->vtable = &llmfi_verify_class;
    v->heap = heap;
    v->now = now;
    llmfi_verify_host(v, host);
    br_x509_minimal_init(&v->minimal, &br_sha256_vtable, anchors, count);
    br_x509_minimal_set_rsa(&v->minimal, br_rsa_pkcs1_vrfy_get_default());
    br_x509_minimal_set_ecdsa(&v->minimal, br_ec_get_default(), br_ecdsa_vrfy_asn1_get_default());
    br_x509_minimal_set_hash(&v->minimal, br_sha256_ID, &br_sha256_vtable); /* SHA-1 and MD5 sign nothing here */
    br_x509_minimal_set_hash(&v->minimal, br_sha384_ID, &br_sha384_vtable);
    br_x509_minimal_set_hash(&v->minimal, br_sha512_ID, &br_sha512_vtable);
    br_x509_minimal_set_minrsa(&v->minimal, LLMFI_MIN_RSA / 8);
    br_x509_minimal_set_time(&v->minimal, (uint32_t)(now / 86400 + LLMFI_DAYS_1970), (uint32_t)(now % 86400));
    return v;
}

static void llmfi_verify_free(llmfi_verify *v) {
    if (v) llmfi_heap_free(v->heap, v->cert);
    if (v) llmfi_heap_free(v->heap, v);
}

/* A verdict in words; "": not about certificates. */
static const char *llmfi_verify_words(int error) {
    switch (error) {
    case BR_ERR_X509_EXPIRED: return LLMFI_WORDS("the server's certificate has expired (is the clock right?)");
    case BR_ERR_X509_BAD_SERVER_NAME: return LLMFI_WORDS("the server's certificate is for another host");
    case BR_ERR_X509_NOT_TRUSTED:
        return LLMFI_WORDS("the server's certificate comes from an unknown issuer, or without the certificates between. Set ca_file or ca_pem to its root if that is right");
    case BR_ERR_X509_NOT_CA: return LLMFI_WORDS("the server's certificate comes from one that may not issue any");
    case BR_ERR_X509_CRITICAL_EXTENSION: return LLMFI_WORDS("a certificate has an extension that must be understood and is not");
    case BR_ERR_X509_FORBIDDEN_KEY_USAGE: return LLMFI_WORDS("the server's certificate is not meant for servers");
    case BR_ERR_X509_WEAK_PUBLIC_KEY: return LLMFI_WORDS("a certificate's key is too short: RSA needs 2048 bits");
    case BR_ERR_X509_UNSUPPORTED: return LLMFI_WORDS("a certificate is signed in a way that is not accepted (SHA-1, MD5), or has such a key");
    case BR_ERR_X509_BAD_SIGNATURE: return LLMFI_WORDS("a certificate's signature is wrong");
    default: return error > BR_ERR_X509_OK && error <= BR_ERR_X509_NOT_TRUSTED ? LLMFI_WORDS("the server's certificate is malformed") : "";
    }
}

#endif
#endif
