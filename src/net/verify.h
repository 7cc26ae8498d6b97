/* What a server's certificate must be, beyond the chain and the dates that BearSSL checks: the host's by our own rule, made for servers, without name
   constraints. BearSSL's engine is given this in place of its own checker, which it asks for the rest. It lives as long as the handshake. */
#ifndef LLMFI_NET_VERIFY_H
#define LLMFI_NET_VERIFY_H
#include "anchors.h"
#include "pins.h"
#include "resolve.h"
#include "../base/clock.h"

#if LLMF_HAS_BEARSSL

/* Certificates that a server may send. */
#define LLMFI_MAX_CHAIN 64
/* 1970-01-01 in days since the year 0, as BearSSL counts them. */
#define LLMFI_DAYS_1970 719528

/* What is needed while certificates come: 4 KiB and the largest of them. Mostly they come in one piece, so that many handshakes at once share this room. */
typedef struct llmfi_chain {
    char *cert;                              /* the certificate that is coming; NULL: none yet */
    size_t cert_len, cert_size;
    unsigned count;                          /* certificates so far */
    bool pinned;                             /* the server's key is one that is asked for */
    bool settled;                            /* a root stands for those before this one: what else the server sends is passed over */
    unsigned error;                          /* BR_ERR_X509_… of our own checks; 0: none */
    br_x509_minimal_context minimal;
} llmfi_chain;

typedef struct llmfi_verify {
    const br_x509_class *vtable;             /* first: BearSSL sees no more of it */
    llmfi_heap *heap;
    const br_x509_trust_anchor *anchors;
    size_t anchor_count;
    llmf_str host;                           /* without a dot at its end */
    unsigned char ip[16];
    size_t ip_len;                           /* 0: the host is a name */
    int64_t now;                             /* seconds since 1970 */
    bool insecure;                           /* whatever it is: only its key is wanted */
    const char *pins;                        /* llmf_desc.pinned_keys */
    llmfi_chain *chain;                      /* NULL: none is coming, or there was no memory */
    bool no_memory;                          /* that is why */
    const char *why;                         /* the verdict in words, where its number alone would not tell; NULL: it does */
    br_x509_pkey key;                        /* the server's, once the chain has ended well; its bytes in … */
    unsigned char *key_bytes;
    unsigned uses;                           /* of the key: BR_KEYTYPE_SIGN … */
} llmfi_verify;

static llmfi_verify *llmfi_verify_of(const br_x509_class *const *ctx) {
    return (llmfi_verify *)(uintptr_t)ctx;
}

static void llmfi_verify_refuse(llmfi_verify *v, unsigned error, const char *why) {
    if (v->chain->error) return;
    v->chain->error = error;
    v->why = why;
}

static unsigned llmfi_verify_no_memory(llmfi_verify *v) {
    v->no_memory = true;
    v->why = LLMFI_WORDS("no memory to check the server's certificate: raise memory_size");
    return BR_ERR_X509_LIMIT_EXCEEDED;
}

static void llmfi_verify_end(llmfi_verify *v) {
    if (v->chain) llmfi_heap_free(v->heap, v->chain->cert);
    llmfi_heap_free(v->heap, v->chain);
    v->chain = NULL;
}

static void llmfi_verify_start_chain(const br_x509_class **ctx, const char *server_name) {
    llmfi_verify *v = llmfi_verify_of(ctx);
    br_x509_minimal_context *m;
    llmfi_verify_end(v);
    v->chain = (llmfi_chain *)llmfi_heap_alloc(v->heap, sizeof *v->chain);
    if (!v->chain) return;
    memset(v->chain, 0, sizeof *v->chain);
    m = &v->chain->minimal;
    br_x509_minimal_init(m, &br_sha256_vtable, v->anchors, v->anchor_count);
    br_x509_minimal_set_rsa(m, br_rsa_pkcs1_vrfy_get_default());
    br_x509_minimal_set_ecdsa(m, br_ec_get_default(), br_ecdsa_vrfy_asn1_get_default());
    br_x509_minimal_set_hash(m, br_sha256_ID, &br_sha256_vtable); /* SHA-1 and MD5 sign nothing here */
    br_x509_minimal_set_hash(m, br_sha384_ID, &br_sha384_vtable);
    br_x509_minimal_set_hash(m, br_sha512_ID, &br_sha512_vtable);
    br_x509_minimal_set_minrsa(m, LLMFI_MIN_RSA / 8);
    br_x509_minimal_set_time(m, (uint32_t)(v->now / 86400 + LLMFI_DAYS_1970), (uint32_t)(v->now % 86400));
    (void)server_name; /* the host rule is ours */
    m->vtable->start_chain(&m->vtable, NULL);
}

static void llmfi_verify_start_cert(const br_x509_class **ctx, uint32_t length) {
    llmfi_verify *v = llmfi_verify_of(ctx);
    llmfi_chain *c = v->chain;
    if (!c) return;
    c->count++;
    c->settled = v->insecure ? c->count > 1 : c->minimal.err == BR_ERR_X509_OK;
    if (c->settled) return;
    if (c->count > LLMFI_MAX_CHAIN || length > LLMFI_MAX_CERT) {
        llmfi_verify_refuse(v, BR_ERR_X509_LIMIT_EXCEEDED, LLMFI_WORDS("the server's certificates are more, or larger, than any should be"));
        return;
    }
    c->minimal.vtable->start_cert(&c->minimal.vtable, length);
    c->cert_len = 0;
    if (length > c->cert_size) {
        llmfi_heap_free(v->heap, c->cert);
        c->cert = (char *)llmfi_heap_alloc(v->heap, length);
        c->cert_size = c->cert ? length : 0;
    }
    if (!c->cert) c->error = llmfi_verify_no_memory(v);
}

/* Anything more of this certificate? */
static bool llmfi_verify_looks(const llmfi_verify *v) {
    const llmfi_chain *c = v->chain;
    return c && c->cert && c->error != BR_ERR_X509_LIMIT_EXCEEDED && !c->settled;
}

static void llmfi_verify_append(const br_x509_class **ctx, const unsigned char *bytes, size_t len) {
    llmfi_verify *v = llmfi_verify_of(ctx);
    llmfi_chain *c = v->chain;
    if (!llmfi_verify_looks(v) || len > c->cert_size - c->cert_len) return;
    memcpy(c->cert + c->cert_len, bytes, len);
    c->cert_len += len;
    c->minimal.vtable->append(&c->minimal.vtable, bytes, len);
}

/* The key outlives the chain: a copy. False: no memory. */
static bool llmfi_verify_keep_key(llmfi_verify *v, const br_x509_pkey *key) {
    bool rsa = key->key_type == BR_KEYTYPE_RSA;
    size_t len = rsa ? key->key.rsa.nlen + key->key.rsa.elen : key->key.ec.qlen;
    llmfi_heap_free(v->heap, v->key_bytes);
    v->key = *key;
    v->key_bytes = (unsigned char *)llmfi_heap_alloc(v->heap, len);
    if (!v->key_bytes) return false;
    if (rsa) {
        memcpy(v->key_bytes, key->key.rsa.n, key->key.rsa.nlen);
        memcpy(v->key_bytes + key->key.rsa.nlen, key->key.rsa.e, key->key.rsa.elen);
        v->key.key.rsa.n = v->key_bytes;
        v->key.key.rsa.e = v->key_bytes + key->key.rsa.nlen;
    } else {
        memcpy(v->key_bytes, key->key.ec.q, len);
        v->key.key.ec.q = v->key_bytes;
    }
    return true;
}

static void llmfi_verify_any(llmfi_verify *v, const llmfi_cert *c) {
    br_x509_pkey key;
    if (!llmfi_cert_pkey(c, &key)) llmfi_verify_refuse(v, BR_ERR_X509_UNSUPPORTED, NULL);
    else if (!llmfi_verify_keep_key(v, &key)) v->chain->error = llmfi_verify_no_memory(v);
    v->uses = BR_KEYTYPE_KEYX | BR_KEYTYPE_SIGN;
}

static void llmfi_verify_end_cert(const br_x509_class **ctx) {
    llmfi_verify *v = llmfi_verify_of(ctx);
    llmfi_chain *chain = v->chain;
    llmfi_cert c;
    if (!llmfi_verify_looks(v)) return;
    chain->minimal.vtable->end_cert(&chain->minimal.vtable);
    if (!llmfi_cert_read(llmfi_str(chain->cert, chain->cert_len), &c)) {
        llmfi_verify_refuse(v, BR_ERR_X509_UNEXPECTED, NULL);
        return;
    }
    if (chain->count == 1) chain->pinned = !v->pins || llmfi_pins_match(v->pins, c.key_info);
    if (v->insecure) {
        llmfi_verify_any(v, &c);
        return;
    }
    if (c.ends < v->now) llmfi_verify_refuse(v, BR_ERR_X509_EXPIRED, chain->count == 1 ? NULL : LLMFI_WORDS("a certificate above the server's has expired"));
    if (c.begins > v->now) llmfi_verify_refuse(v, BR_ERR_X509_EXPIRED, LLMFI_WORDS("the server's certificate is not valid yet (is the clock right?)"));
    if (chain->count == 1) {
        if (llmfi_eq(c.issuer, c.subject)) v->why = LLMFI_WORDS("the server's certificate is self-signed: unknown issuer. Set ca_file or ca_pem if that is right");
        if (!llmfi_cert_is_of(&c, v->host, llmfi_str((const char *)v->ip, v->ip_len))) llmfi_verify_refuse(v, BR_ERR_X509_BAD_SERVER_NAME, NULL);
        if (!llmfi_cert_serves(&c)) llmfi_verify_refuse(v, BR_ERR_X509_FORBIDDEN_KEY_USAGE, NULL);
    } else if (c.constrained) {
        llmfi_verify_refuse(v, BR_ERR_X509_CRITICAL_EXTENSION, NULL); /* BearSSL passes over those that are not marked critical */
    }
}

/* The chain's own error and ours: which is told. Zero only where both are. */
static unsigned llmfi_verify_verdict(llmfi_verify *v) {
    llmfi_chain *c = v->chain;
    unsigned error;
    if (v->insecure) return c->error ? c->error : v->key_bytes ? 0 : BR_ERR_X509_EMPTY_CHAIN;
    error = c->minimal.vtable->end_chain(&c->minimal.vtable);
    if (!error || c->error == BR_ERR_X509_LIMIT_EXCEEDED || c->error == BR_ERR_X509_EXPIRED) return c->error; /* ours say more */
    if (error != BR_ERR_X509_NOT_TRUSTED) v->why = NULL;
    return error;
}

static unsigned llmfi_verify_end_chain(const br_x509_class **ctx) {
    llmfi_verify *v = llmfi_verify_of(ctx);
    unsigned error;
    if (!v->chain) return llmfi_verify_no_memory(v);
    error = llmfi_verify_verdict(v);
    if (!error && !v->chain->pinned) {
        error = BR_ERR_X509_NOT_TRUSTED;
        v->why = LLMFI_PINS_WORDS;
    }
    if (!error && !v->insecure) {
        const br_x509_class **minimal = &v->chain->minimal.vtable;
        const br_x509_pkey *key = (*minimal)->get_pkey(minimal, &v->uses);
        if (!key) error = BR_ERR_X509_EMPTY_CHAIN;
        else if (!llmfi_verify_keep_key(v, key)) error = llmfi_verify_no_memory(v);
    }
    llmfi_verify_end(v);
    return error;
}

static const br_x509_pkey *llmfi_verify_get_pkey(const br_x509_class *const *ctx, unsigned *usages) {
    llmfi_verify *v = llmfi_verify_of(ctx);
    if (usages) *usages = v->uses;
    return v->key_bytes ? &v->key : NULL;
}

static const br_x509_class llmfi_verify_class = {sizeof(llmfi_verify), llmfi_verify_start_chain, llmfi_verify_start_cert, llmfi_verify_append,
                                                 llmfi_verify_end_cert, llmfi_verify_end_chain, llmfi_verify_get_pkey};

/* The host as its certificate and the handshake name it: an address becomes bytes, a dot at the end goes. */
static void llmfi_verify_host(llmfi_verify *v, llmf_str host) {
    char text[64];
    if (host.len && host.ptr[host.len - 1] == '.') host.len--;
    v->host = host;
    if (host.len >= sizeof text) return;
    memcpy(text, host.ptr, host.len);
    text[host.len] = '\0';
    if (inet_pton(AF_INET, text, v->ip) == 1) v->ip_len = 4;
    else if (inet_pton(AF_INET6, text, v->ip) == 1) v->ip_len = 16;
}

/* `anchors` and `host` live longer. */
static void llmfi_verify_init(llmfi_verify *v, llmfi_heap *heap, const br_x509_trust_anchor *anchors, size_t count, llmf_str host, int64_t now) {
    memset(v, 0, sizeof *v);
    v->vtable = &llmfi_verify_class;
    v->heap = heap;
    v->anchors = anchors;
    v->anchor_count = count;
    v->now = now;
    llmfi_verify_host(v, host);
}

/* Zeros are nothing to free. */
static void llmfi_verify_free(llmfi_verify *v) {
    if (!v->heap) return;
    llmfi_verify_end(v);
    llmfi_heap_free(v->heap, v->key_bytes);
    v->key_bytes = NULL;
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
