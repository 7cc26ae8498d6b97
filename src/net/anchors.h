/* The roots to verify with: PEM text, from memory, a file or the system's bundle, as BearSSL wants them. Only names and keys are kept: the 145 roots of a
   system are 90 KB of the block. What no server could be verified with (a key that is too short or of a kind not known here, a root that has ended) is left out. */
#ifndef LLMFI_NET_ANCHORS_H
#define LLMFI_NET_ANCHORS_H
#include "sys.h"
#include "../base/base64.h"
#include "../wire/der.h"

#if LLMF_HAS_BEARSSL
#include <bearssl.h>
#if LLMF_HAS_FILES && defined(_WIN32)
#include <fcntl.h>
#include <io.h>
#endif

/* Bytes of one certificate, here and in what a server sends. */
#define LLMFI_MAX_CERT 65536
/* Roots of one bundle, and bytes of it: a path may name what has no end. */
#define LLMFI_MAX_ANCHORS 4096
#define LLMFI_MAX_BUNDLE (16 << 20)
/* Bits of an RSA key, at least. */
#define LLMFI_MIN_RSA 2048

typedef struct llmfi_anchors {
    llmfi_arena arena;                       /* the names and keys */
    llmfi_buf list;                          /* br_x509_trust_anchor, one behind the other */
    llmfi_buf pem;                           /* base64 of the certificate being read; while loading only */
    char line[80];                           /* what has come of a line. A longer one is none of a PEM text */
    size_t line_len;
    int64_t now;                             /* seconds since 1970 */
    bool inside;                             /* between BEGIN and END */
    bool no_memory;
} llmfi_anchors;

static unsigned char *llmfi_bytes(llmf_str s) {
    return (unsigned char *)(uintptr_t)s.ptr;
}

static llmf_str llmfi_der_number(llmf_str n) {
    while (n.len && !n.ptr[0]) n = llmfi_from(n, 1);
    return n;
}

static bool llmfi_rsa_key(llmf_str key, br_x509_pkey *to) {
    llmf_str in, n, e;
    if (!llmfi_der_want(&key, LLMFI_DER_SEQUENCE, &in, NULL) || !llmfi_der_want(&in, LLMFI_DER_INTEGER, &n, NULL) || !llmfi_der_want(&in, LLMFI_DER_INTEGER, &e, NULL)) return false;
    n = llmfi_der_number(n);
    e = llmfi_der_number(e);
    if (n.len < LLMFI_MIN_RSA / 8 || (n.len == LLMFI_MIN_RSA / 8 && !(n.ptr[0] & 0x80)) || !e.len) return false;
    to->key_type = BR_KEYTYPE_RSA;
    to->key.rsa.n = llmfi_bytes(n);
    to->key.rsa.nlen = n.len;
    to->key.rsa.e = llmfi_bytes(e);
    to->key.rsa.elen = e.len;
    return true;
}

static bool llmfi_ec_key(llmf_str curve, llmf_str key, br_x509_pkey *to) {
    static const struct { const char *oid; size_t len; int curve; size_t key; } known[] = {
        {"\x2A\x86\x48\xCE\x3D\x03\x01\x07", 8, BR_EC_secp256r1, 65}, {"\x2B\x81\x04\x00\x22", 5, BR_EC_secp384r1, 97}, {"\x2B\x81\x04\x00\x23", 5, BR_EC_secp521r1, 133}};
    size_t i;
    for (i = 0; i < LLMFI_COUNT(known); i++) {
        if (!llmfi_eq(curve, llmfi_str(known[i].oid, known[i].len)) || key.len != known[i].key || key.ptr[0] != 4) continue;
        to->key_type = BR_KEYTYPE_EC;
        to->key.ec.curve = known[i].curve;
        to->key.ec.q = llmfi_bytes(key);
        to->key.ec.qlen = key.len;
        return true;
    }
    return false;
}

/* The key of a certificate, as views into it. False: of a kind that is not used. */
static bool llmfi_cert_pkey(const llmfi_cert *c, br_x509_pkey *to) {
    memset(to, 0, sizeof *to);
    if (llmfi_eq(c->algorithm, LLMFI_LIT("\x2A\x86\x48\x86\xF7\x0D\x01\x01\x01"))) return llmfi_rsa_key(c->key, to);
    return llmfi_eq(c->algorithm, LLMFI_LIT("\x2A\x86\x48\xCE\x3D\x02\x01")) && llmfi_ec_key(c->curve, c->key, to);
}

static unsigned char *llmfi_anchor_copy(llmfi_anchors *a, const unsigned char *bytes, size_t len) {
    unsigned char *to = (unsigned char *)llmfi_arena_alloc(&a->arena, len);
    if (to) memcpy(to, bytes, len);
    return to;
}

/* One certificate of the bundle. */
static void llmfi_anchor_add(llmfi_anchors *a, llmf_str der) {
    llmfi_cert c;
    br_x509_trust_anchor t;
    memset(&t, 0, sizeof t);
    if (a->list.len / sizeof t >= LLMFI_MAX_ANCHORS || !llmfi_cert_read(der, &c) || !llmfi_cert_pkey(&c, &t.pkey) || c.ends < a->now) return;
    t.flags = c.ca ? BR_X509_TA_CA : 0; /* without: trusted as the server's own */
    t.dn.len = c.subject.len;
    t.dn.data = llmfi_anchor_copy(a, llmfi_bytes(c.subject), c.subject.len);
    if (t.pkey.key_type == BR_KEYTYPE_RSA) {
        t.pkey.key.rsa.n = llmfi_anchor_copy(a, t.pkey.key.rsa.n, t.pkey.key.rsa.nlen);
        t.pkey.key.rsa.e = llmfi_anchor_copy(a, t.pkey.key.rsa.e, t.pkey.key.rsa.elen);
    } else {
        t.pkey.key.ec.q = llmfi_anchor_copy(a, t.pkey.key.ec.q, t.pkey.key.ec.qlen);
    }
    if (a->arena.failed || !llmfi_buf_add(&a->list, (const char *)(const void *)&t, sizeof t)) a->no_memory = true;
}

static void llmfi_anchors_line(llmfi_anchors *a) {
    llmf_str line = llmfi_trim(llmfi_str(a->line, a->line_len));
    size_t len;
    a->line_len = 0;
    if (LLMFI_IS(line, "-----BEGIN CERTIFICATE-----")) {
        a->inside = true;
        a->pem.len = 0;
    } else if (a->inside && LLMFI_IS(line, "-----END CERTIFICATE-----")) {
        a->inside = false;
        if (llmfi_base64_decode(llmfi_buf_str(&a->pem), a->pem.ptr, a->pem.len, &len)) llmfi_anchor_add(a, llmfi_str(a->pem.ptr, len)); /* in place: it gets shorter */
    } else if (a->inside && a->pem.len + line.len > LLMFI_MAX_CERT) {
        a->inside = false;
    } else if (a->inside && !llmfi_buf_add(&a->pem, line.ptr, line.len)) {
        a->no_memory = true;
    }
}

static void llmfi_anchors_feed(llmfi_anchors *a, const char *bytes, size_t len) {
    size_t i;
    for (i = 0; i < len && !a->no_memory; i++) {
        if (bytes[i] == '\n') llmfi_anchors_line(a);
        else if (a->line_len < sizeof a->line) a->line[a->line_len++] = bytes[i];
    }
}

static size_t llmfi_anchors_count(const llmfi_anchors *a) {
    return a->list.len / sizeof(br_x509_trust_anchor);
}

#if LLMF_HAS_FILES
#ifdef _WIN32
#define LLMFI_ANCHORS_OPEN(path) _open((path), _O_RDONLY | _O_BINARY)
#define LLMFI_ANCHORS_READ(fd, to, cap) _read((fd), (to), (unsigned)(cap))
#define LLMFI_ANCHORS_CLOSE(fd) _close(fd)
#else
#define LLMFI_ANCHORS_OPEN(path) open((path), O_RDONLY | O_CLOEXEC)
#define LLMFI_ANCHORS_READ(fd, to, cap) (int)read((fd), (to), (cap))
#define LLMFI_ANCHORS_CLOSE(fd) close(fd)
#endif
/* Reads a file of roots through `room`, without the C library's buffers: this comes after llmf_open. False: it cannot be read, or is larger than any should be. */
static bool llmfi_anchors_file(llmfi_anchors *a, const char *path, char *room, size_t cap) {
    int fd = LLMFI_ANCHORS_OPEN(path), n;
    size_t all = 0;
    if (fd < 0) return false;
    do {
        n = LLMFI_ANCHORS_READ(fd, room, cap < INT32_MAX ? cap : INT32_MAX);
        if (n <= 0) continue;
        llmfi_anchors_feed(a, room, (size_t)n);
        all += (size_t)n;
    } while (all <= LLMFI_MAX_BUNDLE && (n > 0 || (n < 0 && errno == EINTR)));
    (void)LLMFI_ANCHORS_CLOSE(fd);
    if (n == 0) llmfi_anchors_feed(a, "\n", 1);
    return n == 0;
}
#endif

static void llmfi_anchors_init(llmfi_anchors *a, llmfi_heap *heap, int64_t now) {
    memset(a, 0, sizeof *a);
    llmfi_arena_init(&a->arena, heap, 0);
    llmfi_buf_init(&a->list, heap, 0);
    llmfi_buf_init(&a->pem, heap, 0);
    a->now = now;
}

static void llmfi_anchors_free(llmfi_anchors *a) {
    llmfi_arena_free(&a->arena);
    llmfi_buf_free(&a->list);
    llmfi_buf_free(&a->pem);
}

#endif
#endif
