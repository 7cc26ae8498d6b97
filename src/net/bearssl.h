/* TLS 1.2 by BearSSL over the socket stream: an llmfi_stream, so that our HTTP speaks https. ECDHE with AES-GCM or ChaCha20-Poly1305 only.

   BearSSL's engine does no I/O. Ours is in `ready` (the handshake, which goes on as bytes come), `read` and `write`, none of which waits. Everything is in the
   factory's block: 4 KiB a connection, which is a page (llmfi_lay_out aligns it), and 8 KiB more while its certificate is checked. The buffers for records are
   the factory's, one each way. A connection has some of its own only while a record has come, or gone, in part, and others are open: see llmfi_tls_rest. */
#ifndef LLMFI_NET_BEARSSL_H
#define LLMFI_NET_BEARSSL_H
#include "roots.h"
#include "stream_socket.h"
#include "verify.h"

#if LLMF_HAS_BEARSSL

/* Sessions that are kept to be resumed, and for how long: after it the certificate is asked for and checked again. */
#define LLMFI_TLS_SESSIONS 8
#define LLMFI_TLS_SESSION_NS UINT64_C(3600000000000)
/* Bytes of a host's name in the cache of sessions, NUL included; longer ones are not kept. RFC 1035 has 255. */
#define LLMFI_TLS_HOST 256
/* Records of at most this much go out. What comes may have the full 16 KiB, as servers do not care for what we should like. */
#define LLMFI_TLS_OUT 2048
/* Bytes of a handshake that are read at a time where time is sliced. BearSSL hands certificates on in such pieces, and may check one signature in each. */
#define LLMFI_TLS_PIECE 256
/* Records without a byte of data that one read may pass over. */
#define LLMFI_TLS_ROUNDS 16
/* Of the heap, for a connection, its handshake and a record each way that is there in part. */
#define LLMFI_TLS_BYTES 49152

typedef struct llmfi_session {
    char host[LLMFI_TLS_HOST];               /* "": free */
    int port;
    uint64_t since_ns;
    br_ssl_session_parameters p;
} llmfi_session;

/* What the connections of a factory share. */
typedef struct llmfi_bearssl {
    llmfi_net *net;
    llmfi_anchors anchors;
    const br_x509_trust_anchor *roots;       /* NULL: not yet looked for, or there are none */
    size_t root_count;
    const char *no_roots;                    /* why there are none; static text */
    size_t streams;                          /* open connections */
    struct llmfi_tls *lone;                  /* the only one, which may have something in the buffers below; NULL: nobody has */
    size_t next;                             /* the session to be given up for a new one */
    llmfi_session sessions[LLMFI_TLS_SESSIONS];
    unsigned char out[LLMFI_TLS_OUT + 85];   /* for the connection at work, or the only one; BearSSL's overhead on the way out … */
    unsigned char in[BR_SSL_BUFSIZE_INPUT];  /* … and in */
} llmfi_bearssl;

/* Where the next piece of a handshake ends: with a message, with a certificate, or with what tells the length of either. Behind each may be a millisecond of arithmetic. */
typedef struct llmfi_pieces {
    unsigned char head[4];                   /* a message's type and length; a certificate's length, behind a 0 */
    size_t head_len;                         /* bytes of it that have come */
    size_t left;                             /* bytes of what it announced; 0: a head is coming */
    size_t list;                             /* bytes behind those which are more certificates; 0: a message follows */
} llmfi_pieces;

typedef struct llmfi_tls {
    llmfi_bearssl *b;
    void *under;                             /* the socket stream */
    llmfi_verify verify;                     /* of use while the handshake lasts */
    int port;
    llmf_str host;                           /* as asked for, which lives longer, without a dot at its end */
    bool begun;                              /* the socket is connected and the handshake under way */
    bool up;                                 /* the handshake is done */
    bool dry;                                /* the last read took all that was in the socket, and nobody has waited for more since */
    bool cut;                                /* the server ended the connection without saying so in TLS */
    bool lost;                               /* there was no memory for a record that is there in part: nothing follows */
    int error;                               /* of the verdict: BearSSL's number; 0: none */
    const char *why;                         /* static text; NULL: `error` tells */
    unsigned char head[5];                   /* of the record that is coming … */
    size_t head_len, left;                   /* … bytes of it that have come, and those behind it that have not */
    llmfi_pieces pieces;
    unsigned char *kept_in, *kept_out;       /* instead of the factory's buffers; NULL: nothing is kept */
    br_ssl_client_context ssl;
} llmfi_tls;

static int64_t llmfi_tls_wall(const llmfi_net *net) {
    return (net->desc->wall_ms ? net->desc->wall_ms(net->desc->user) : llmfi_wall_ms()) / 1000;
}

/* ---- roots ---- */

#if LLMF_HAS_ROOTS
/* Those built in: BearSSL's form of them is made here, as it has pointers in it, which a program would have to be relocated for. */
static void llmfi_tls_own_roots(llmfi_bearssl *b) {
    static const unsigned char exponent[] = {1, 0, 1};
    const char *at = (const char *)llmfi_root_bytes;
    size_t i;
    for (i = 0; i < LLMFI_COUNT(llmfi_roots); i++) {
        br_x509_trust_anchor t;
        memset(&t, 0, sizeof t);
        t.flags = BR_X509_TA_CA;
        t.dn.data = llmfi_bytes(llmfi_str(at, 0));
        t.dn.len = llmfi_roots[i].name;
        at += llmfi_roots[i].name;
        t.pkey.key_type = llmfi_roots[i].curve ? BR_KEYTYPE_EC : BR_KEYTYPE_RSA;
        if (llmfi_roots[i].curve) {
            t.pkey.key.ec.curve = llmfi_roots[i].curve;
            t.pkey.key.ec.q = llmfi_bytes(llmfi_str(at, 0));
            t.pkey.key.ec.qlen = llmfi_roots[i].key;
        } else {
            t.pkey.key.rsa.n = llmfi_bytes(llmfi_str(at, 0));
            t.pkey.key.rsa.nlen = llmfi_roots[i].key;
            t.pkey.key.rsa.e = llmfi_bytes(llmfi_str((const char *)exponent, 0));
            t.pkey.key.rsa.elen = sizeof exponent;
        }
        at += llmfi_roots[i].key;
        if (!llmfi_buf_add(&b->anchors.list, (const char *)(const void *)&t, sizeof t)) b->anchors.no_memory = true;
    }
}
#elif LLMF_HAS_FILES
/* Where systems keep their bundle. */
static bool llmfi_tls_system_roots(llmfi_bearssl *b) {
    static const char *const places[] = {
        "/etc/ssl/certs/ca-certificates.crt",                /* Debian, Arch, Alpine */
        "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", /* Fedora, RHEL */
        "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/ssl/ca-bundle.pem",                            /* openSUSE */
        "/etc/ssl/cert.pem",                                 /* macOS, the BSDs */
        "/usr/local/share/certs/ca-root-nss.crt"
    };
    size_t i;
    for (i = 0; i < LLMFI_COUNT(places); i++)
        if (llmfi_anchors_file(&b->anchors, places[i], b->net->recv, b->net->desc->recv_size) && llmfi_anchors_count(&b->anchors)) return true;
    b->no_roots = LLMFI_WORDS("no roots to verify with: the system has no bundle in the usual places. Set ca_file or ca_pem");
    return false;
}
#else
static bool llmfi_tls_system_roots(llmfi_bearssl *b) {
    b->no_roots = LLMFI_WORDS("no roots to verify with: this build reads no files (LLMF_NO_FILES). Set ca_pem, or build with LLMF_WITH_ROOTS=1");
    return false;
}
#endif

static bool llmfi_tls_read_roots(llmfi_bearssl *b) {
    const llmf_desc *d = b->net->desc;
    if (d->ca_pem) {
        llmfi_anchors_feed(&b->anchors, d->ca_pem, strlen(d->ca_pem));
        llmfi_anchors_feed(&b->anchors, "\n", 1);
        b->no_roots = LLMFI_WORDS("no root of ca_pem can be used: is it PEM text with a certificate that is valid now?");
        return llmfi_anchors_count(&b->anchors) > 0;
    }
    if (d->ca_file) {
#if LLMF_HAS_FILES
        b->no_roots = LLMFI_WORDS("the roots to verify with cannot be read: is the path of ca_file right, and the file below 16 MB?");
        if (!llmfi_anchors_file(&b->anchors, d->ca_file, b->net->recv, d->recv_size)) return false;
        b->no_roots = LLMFI_WORDS("no root of ca_file can be used: is it PEM text with a certificate that is valid now?");
        return llmfi_anchors_count(&b->anchors) > 0;
#else
        b->no_roots = LLMFI_WORDS("ca_file: this build reads no files (LLMF_NO_FILES). Set ca_pem");
        return false;
#endif
    }
#if LLMF_HAS_ROOTS
    llmfi_tls_own_roots(b);
    return true;
#else
    return llmfi_tls_system_roots(b);
#endif
}

/* Once, at the first connection. LLMF_OK, or an llmf_result with b->no_roots: the next connection tries again. */
static int llmfi_tls_roots(llmfi_bearssl *b) {
    bool ok;
    if (b->roots) return LLMF_OK;
    llmfi_anchors_init(&b->anchors, b->net->heap, llmfi_tls_wall(b->net));
    ok = llmfi_tls_read_roots(b);
    llmfi_buf_free(&b->anchors.pem);
    if (ok && !b->anchors.no_memory) {
        b->root_count = llmfi_anchors_count(&b->anchors);
        b->roots = (const br_x509_trust_anchor *)(const void *)b->anchors.list.ptr;
        return LLMF_OK;
    }
    if (b->anchors.no_memory) b->no_roots = LLMFI_WORDS("no memory for the roots to verify with: raise memory_size");
    ok = b->anchors.no_memory;
    llmfi_anchors_free(&b->anchors);
    return ok ? LLMF_ERR_MEMORY : LLMF_ERR_TLS;
}

/* ---- sessions ---- */

static llmfi_session *llmfi_session_find(llmfi_bearssl *b, llmf_str host, int port) {
    size_t i;
    for (i = 0; i < LLMFI_TLS_SESSIONS; i++) {
        llmfi_session *s = &b->sessions[i];
        if (s->host[0] && s->port == port && llmfi_eq_nocase(llmfi_cstr(s->host), host)) return s;
    }
    return NULL;
}

static void llmfi_session_forget(llmfi_session *s) {
    if (s) llmfi_wipe(llmfi_str((const char *)s, sizeof *s));
}

/* A handshake is done: the next connection may go on from it. */
static void llmfi_session_keep(llmfi_tls *t) {
    llmfi_bearssl *b = t->b;
    llmfi_session *s = llmfi_session_find(b, t->host, t->port);
    br_ssl_session_parameters p;
    br_ssl_engine_get_session_parameters(&t->ssl.eng, &p);
    if (s && p.session_id_len && p.session_id_len == s->p.session_id_len && !memcmp(p.session_id, s->p.session_id, p.session_id_len)) return; /* resumed: its age goes on */
    llmfi_session_forget(s);
    if (!p.session_id_len) return;
    if (!s) s = &b->sessions[b->next++ % LLMFI_TLS_SESSIONS];
    memcpy(s->host, t->host.ptr, t->host.len);
    s->host[t->host.len] = '\0';
    s->port = t->port;
    s->since_ns = llmfi_net_moment(b->net);
    s->p = p;
}

static bool llmfi_session_resume(llmfi_tls *t) {
    llmfi_session *s = llmfi_session_find(t->b, t->host, t->port);
    if (s && llmfi_net_moment(t->b->net) - s->since_ns > LLMFI_TLS_SESSION_NS) {
        llmfi_session_forget(s);
        s = NULL;
    }
    if (s) br_ssl_engine_set_session_parameters(&t->ssl.eng, &s->p);
    return s != NULL;
}

/* ---- the handshake ---- */

/* Suites in the order we like them: AES where the processor computes it, else ChaCha20. All have forward secrecy, none has CBC or SHA-1. */
static void llmfi_tls_suites(br_ssl_engine_context *e) {
    static const uint16_t aes[] = {BR_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, BR_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, BR_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
                                   BR_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, BR_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, BR_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256};
    static const uint16_t chacha[] = {BR_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, BR_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, BR_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
                                      BR_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, BR_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, BR_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384};
    bool fast = br_aes_x86ni_ctr_get_vtable() || br_aes_pwr8_ctr_get_vtable();
    br_ssl_engine_set_suites(e, fast ? aes : chacha, LLMFI_COUNT(aes));
}

/* Only what the suites need, so that a static program carries nothing else. */
static void llmfi_tls_engine(llmfi_tls *t) {
    static const char *const protocols[] = {"http/1.1"};
    br_ssl_engine_context *e = &t->ssl.eng;
    br_ssl_client_zero(&t->ssl);
    br_ssl_engine_set_versions(e, BR_TLS12, BR_TLS12);
    llmfi_tls_suites(e);
    br_ssl_engine_set_default_rsavrfy(e);
    br_ssl_engine_set_default_ecdsa(e); /* brings the curves of ECDHE too */
    br_ssl_engine_set_default_aes_gcm(e);
    br_ssl_engine_set_default_chapol(e);
    br_ssl_engine_set_hash(e, br_sha256_ID, &br_sha256_vtable);
    br_ssl_engine_set_hash(e, br_sha384_ID, &br_sha384_vtable);
    br_ssl_engine_set_hash(e, br_sha512_ID, &br_sha512_vtable);
    br_ssl_engine_set_prf_sha256(e, &br_tls12_sha256_prf);
    br_ssl_engine_set_prf_sha384(e, &br_tls12_sha384_prf);
    br_ssl_engine_set_protocol_names(e, (const char **)(uintptr_t)protocols, 1);
    br_ssl_engine_add_flags(e, BR_OPT_NO_RENEGOTIATION);
    br_ssl_engine_set_x509(e, &t->verify.vtable);
    br_ssl_engine_set_buffers_bidi(e, t->b->in, sizeof t->b->in, t->b->out, sizeof t->b->out);
    e->log_max_frag_len = 14; /* do not ask for records as short as ours: few servers listen, and each event would cost two */
}

static int llmfi_tls_fail(llmfi_tls *t, int result, const char *why) {
    t->why = why;
    return -result;
}

/* BearSSL has given up: minus an llmf_result. */
static int llmfi_tls_broken(llmfi_tls *t) {
    t->error = br_ssl_engine_last_error(&t->ssl.eng);
    if (t->error > BR_ERR_X509_OK && t->error <= BR_ERR_X509_NOT_TRUSTED) t->why = t->verify.why;
    if (!t->up) llmfi_session_forget(llmfi_session_find(t->b, t->host, t->port));
    return t->verify.no_memory ? -LLMF_ERR_MEMORY : -LLMF_ERR_TLS;
}

/* The socket is connected: 1, 0: reading the roots took the slice, or minus an llmf_result. */
static int llmfi_tls_begin(llmfi_tls *t) {
    llmfi_bearssl *b = t->b;
    const llmf_desc *d = b->net->desc;
    bool ready = d->insecure_tls || b->roots, resume;
    int got = ready ? LLMF_OK : llmfi_tls_roots(b);
    char name[LLMFI_TLS_HOST];
    if (got != LLMF_OK) return llmfi_tls_fail(t, got, b->no_roots);
    if (!ready && llmfi_slice_over(b->net)) return 0;
    memcpy(name, t->host.ptr, t->host.len);
    name[t->host.len] = '\0';
    llmfi_verify_init(&t->verify, b->net->heap, b->roots, b->root_count, t->host, llmfi_tls_wall(b->net));
    t->verify.insecure = d->insecure_tls;
    t->verify.pins = d->pinned_keys;
    llmfi_tls_engine(t);
    if (d->random) {
        unsigned char seed[32];
        d->random(d->user, seed, sizeof seed);
        br_ssl_engine_inject_entropy(&t->ssl.eng, seed, sizeof seed);
        llmfi_wipe(llmfi_str((const char *)seed, sizeof seed));
    }
    resume = llmfi_session_resume(t);
    t->begun = true;
    return br_ssl_client_reset(&t->ssl, t->verify.ip_len ? NULL : name, resume) ? 1 : llmfi_tls_broken(t);
}

/* ---- records ---- */

/* Counts bytes that go to the engine, by which one knows where a record ends. */
static void llmfi_tls_count(llmfi_tls *t, const unsigned char *bytes, size_t n) {
    while (n) {
        size_t some;
        if (t->head_len < sizeof t->head) {
            t->head[t->head_len++] = *bytes++;
            n--;
            if (t->head_len == sizeof t->head) t->left = (size_t)t->head[3] << 8 | t->head[4];
        } else {
            some = n < t->left ? n : t->left;
            t->left -= some;
            bytes += some;
            n -= some;
        }
        if (t->head_len == sizeof t->head && !t->left) t->head_len = 0;
    }
}

/* The record that is coming, or came last, as a whole. */
static size_t llmfi_tls_record(const llmfi_tls *t) {
    return sizeof t->head + ((size_t)t->head[3] << 8 | t->head[4]);
}

/* Bytes at the beginning of the factory's buffer that the engine still needs. Of a record's head none: llmfi_tls_receive brings it back. In the handshake
   it takes what comes at once. */
static size_t llmfi_tls_pending(const llmfi_tls *t) {
    size_t len;
    const unsigned char *to = br_ssl_engine_recvrec_buf(&t->ssl.eng, &len);
    if (!to) return br_ssl_engine_current_state(&t->ssl.eng) & BR_SSL_CLOSED ? 0 : llmfi_tls_record(t); /* it has come and waits to be taken */
    len = (size_t)(to - t->b->in);
    return len > sizeof t->head ? len : 0;
}

/* The connection's own buffer takes over from the factory's `from`, of which `len` bytes are of use. It has room for `size`. NULL: no memory, and the connection is of no more use. */
static unsigned char *llmfi_tls_keep(llmfi_tls *t, const unsigned char *from, size_t len, size_t size) {
    unsigned char *to = (unsigned char *)llmfi_heap_alloc(t->b->net->heap, size);
    if (to) memcpy(to, from, len);
    else t->lost = true;
    return to;
}

/* For the record that is coming, and no other. */
static void llmfi_tls_keep_in(llmfi_tls *t) {
    t->kept_in = llmfi_tls_keep(t, t->b->in, llmfi_tls_pending(t), llmfi_tls_record(t));
    if (t->kept_in) t->ssl.eng.ibuf = t->kept_in;
}

/* Nothing of it is left to take: the next record, which may be longer, is for the factory's buffer again. */
static void llmfi_tls_done_in(llmfi_tls *t) {
    size_t len;
    if (!t->kept_in || t->head_len || !br_ssl_engine_recvrec_buf(&t->ssl.eng, &len)) return;
    llmfi_heap_free(t->b->net->heap, t->kept_in);
    t->kept_in = NULL;
    t->ssl.eng.ibuf = t->b->in;
}

/* Ends each piece of work, whose result `got` is: the factory's buffers are the next connection's, so what the engine still needs of them is kept, and what was
   kept and is done with goes back. Where there is no other connection it may stay until there is one (llmfi_tls_open_stream): a small block has no room for more.
   BearSSL has no function for that, but it reaches its buffers through two members only, and while they hold nothing it remembers nothing of them. */
static int llmfi_tls_rest(llmfi_tls *t, int got) {
    llmfi_bearssl *b = t->b;
    bool alone = b->streams == 1;
    size_t len;
    unsigned char *bytes = br_ssl_engine_sendrec_buf(&t->ssl.eng, &len);
    b->lone = alone ? t : NULL;
    if (bytes && !t->kept_out && !alone) {
        t->kept_out = llmfi_tls_keep(t, b->out, (size_t)(bytes - b->out) + len, sizeof b->out);
        if (t->kept_out) t->ssl.eng.obuf = t->kept_out;
    } else if (!bytes && t->kept_out) {
        llmfi_heap_free(b->net->heap, t->kept_out);
        t->kept_out = NULL;
        t->ssl.eng.obuf = b->out;
    }
    llmfi_tls_done_in(t);
    if (!t->kept_in && !alone && llmfi_tls_pending(t)) llmfi_tls_keep_in(t);
    return t->lost ? llmfi_tls_fail(t, LLMF_ERR_MEMORY, LLMFI_WORDS("no memory for a record that is there in part: raise memory_size")) : got;
}

/* Sends what the engine has ready. 1: all of it; 0: the socket takes no more for now; below 0: minus an llmf_result. */
static int llmfi_tls_flush(llmfi_tls *t) {
    unsigned char *bytes;
    size_t len;
    while ((bytes = br_ssl_engine_sendrec_buf(&t->ssl.eng, &len)) != NULL) {
        int n = llmfi_socket_write(t->b->net, t->under, (const char *)bytes, len);
        if (n <= 0) return n;
        br_ssl_engine_sendrec_ack(&t->ssl.eng, (size_t)n);
    }
    return 1;
}

/* Is what comes next the inside of a record of the handshake, to be read in pieces? */
static bool llmfi_tls_in_pieces(const llmfi_tls *t) {
    return LLMF_HAS_SLICES && t->b->net->desc->slice_us > 0 && !t->up && t->head_len == sizeof t->head && t->head[0] == 22;
}

static size_t llmfi_piece_len(const llmfi_pieces *p) {
    size_t len = p->left ? p->left : sizeof p->head - p->head_len;
    return len < LLMFI_TLS_PIECE ? len : LLMFI_TLS_PIECE;
}

/* `n` bytes have come, llmfi_piece_len at most. */
static void llmfi_piece_came(llmfi_pieces *p, const unsigned char *bytes, size_t n) {
    if (p->left) {
        p->left -= n;
    } else {
        memcpy(p->head + p->head_len, bytes, n);
        p->head_len += n;
        if (p->head_len < sizeof p->head) return;
        p->head_len = 0;
        p->left = (size_t)p->head[1] << 16 | (size_t)p->head[2] << 8 | p->head[3];
        if (p->head[0] == 11) { /* certificates: first three bytes with the length of all of them */
            p->list = p->left > 3 ? p->left - 3 : 0;
            p->left -= p->list;
        } else {
            p->list -= p->left < p->list ? p->left : p->list;
        }
    }
    if (p->left || !p->list) return;
    p->head[0] = 0;
    p->head_len = 1;
    p->list -= p->list < 3 ? p->list : 3;
}

/* Reads at most the rest of a record, straight to where the engine wants it: bytes, 0: none now, or what the socket said. */
static int llmfi_tls_receive(llmfi_tls *t) {
    bool pieces = llmfi_tls_in_pieces(t);
    size_t len;
    unsigned char *to;
    int n;
    llmfi_tls_done_in(t);
    to = br_ssl_engine_recvrec_buf(&t->ssl.eng, &len);
    if (pieces && len > llmfi_piece_len(&t->pieces)) len = llmfi_piece_len(&t->pieces);
    n = to ? llmfi_socket_read(t->b->net, t->under, (char *)to, len) : 0;
    if (n <= 0) return n;
    if (!t->kept_in) memcpy(t->b->in, t->head, t->head_len); /* other connections were here since */
    llmfi_tls_count(t, to, (size_t)n);
    if (pieces) llmfi_piece_came(&t->pieces, to, (size_t)n);
    br_ssl_engine_recvrec_ack(&t->ssl.eng, (size_t)n);
    return n;
}

static void llmfi_tls_done(llmfi_tls *t) {
    t->up = true;
    llmfi_session_keep(t);
    br_ssl_engine_set_x509(&t->ssl.eng, NULL);
    llmfi_verify_free(&t->verify);
}

/* Goes on with the handshake: 1 when it is done. A step is one record of the server's, or a piece of it where time is sliced, and there is one at least, however
   short the slice. */
static int llmfi_tls_handshake(llmfi_tls *t) {
    bool stepped = false;
    for (;;) {
        unsigned state = br_ssl_engine_current_state(&t->ssl.eng);
        int n;
        if (state & BR_SSL_CLOSED) return llmfi_tls_broken(t);
        if (state & BR_SSL_SENDREC) {
            n = llmfi_tls_flush(t);
            if (n <= 0) return n;
            continue;
        }
        if (state & BR_SSL_SENDAPP) {
            llmfi_tls_done(t);
            return 1;
        }
        if (stepped && llmfi_slice_over(t->b->net)) return 0; /* its descriptor calls again: what has come is still in the socket */
        stepped = true;
        n = llmfi_tls_receive(t);
        if (n == 0) return 0;
        if (n == LLMF_STREAM_END) return llmfi_tls_fail(t, LLMF_ERR_TLS, LLMFI_WORDS("the server closed the connection within the handshake: does it speak TLS 1.2 there?"));
        if (n < 0) return n;
    }
}

/* ---- the stream ---- */

static void *llmfi_tls_open_stream(void *user, const char *host, int port, bool tls) {
    llmfi_bearssl *b = (llmfi_bearssl *)user;
    size_t len = strlen(host);
    llmfi_tls *t = tls && len < LLMFI_TLS_HOST ? (llmfi_tls *)llmfi_heap_alloc(b->net->heap, sizeof *t) : NULL;
    if (!t) return NULL;
    memset(t, 0, sizeof *t);
    t->b = b;
    t->under = llmfi_socket_open_stream(b->net, host, port, false);
    if (!t->under) {
        llmfi_heap_free(b->net->heap, t);
        return NULL;
    }
    if (len && host[len - 1] == '.') len--;
    t->host = llmfi_str(host, len);
    t->port = port;
    b->streams++;
    if (b->lone) (void)llmfi_tls_rest(b->lone, 0); /* where there is no memory its own next step tells */
    return t;
}

static int llmfi_tls_ready(void *user, void *stream) {
    llmfi_tls *t = (llmfi_tls *)stream;
    int got;
    (void)user;
    if (t->up) return 1;
    if (!t->begun) {
        got = llmfi_socket_ready(t->b->net, t->under);
        if (got <= 0) return got;
        got = llmfi_tls_begin(t);
        if (got <= 0) return got;
    }
    return llmfi_tls_rest(t, llmfi_tls_handshake(t));
}

/* Decrypted bytes that wait in the engine. */
static size_t llmfi_tls_take(llmfi_tls *t, char *out, size_t cap) {
    size_t len, all = 0;
    unsigned char *from;
    while (all < cap && (from = br_ssl_engine_recvapp_buf(&t->ssl.eng, &len)) != NULL) {
        if (len > cap - all) len = cap - all;
        memcpy(out + all, from, len);
        br_ssl_engine_recvapp_ack(&t->ssl.eng, len);
        all += len;
    }
    return all;
}

/* Whole records out of the socket in one go, decrypted in place: behind a record's beginning the text is always shorter than what it came from. The last one
   may be cut off; the engine keeps what there is of it. Bytes read, *len of text; 0 or what the socket said. */
static int llmfi_tls_bulk(llmfi_tls *t, char *out, size_t cap, size_t *len) {
    int n = llmfi_socket_read(t->b->net, t->under, out, cap);
    size_t at = 0, all = n > 0 ? (size_t)n : 0, some;
    *len = 0;
    llmfi_tls_done_in(t);
    while (at < all && !t->lost) {
        unsigned char *to = br_ssl_engine_recvrec_buf(&t->ssl.eng, &some);
        if (!to) break; /* closed: what follows is of no interest */
        if (t->left > all - at && !t->kept_in && t->b->streams > 1) { /* the last one, and its end is not there: at once to where it waits */
            llmfi_tls_keep_in(t);
            continue;
        }
        if (some > all - at) some = all - at;
        memcpy(to, out + at, some);
        llmfi_tls_count(t, to, some);
        br_ssl_engine_recvrec_ack(&t->ssl.eng, some);
        at += some;
        *len += llmfi_tls_take(t, out + *len, at - *len);
    }
    return n;
}

/* The connection has ended: was it meant? */
static int llmfi_tls_ended(llmfi_tls *t, int got) {
    if (br_ssl_engine_current_state(&t->ssl.eng) & BR_SSL_CLOSED) return br_ssl_engine_last_error(&t->ssl.eng) ? llmfi_tls_broken(t) : LLMF_STREAM_END;
    if (got != LLMF_STREAM_END) return got;
    t->cut = true;
    return -LLMF_ERR_NETWORK;
}

static int llmfi_tls_read_some(llmfi_tls *t, char *out, size_t cap) {
    size_t len = llmfi_tls_take(t, out, cap), asked;
    int rounds, n;
    if (cap > INT32_MAX) cap = INT32_MAX;
    if (len || t->dry) {
        t->dry = false;
        if (len || !(br_ssl_engine_current_state(&t->ssl.eng) & BR_SSL_CLOSED)) return (int)len;
    }
    for (rounds = 0; !len && rounds < LLMFI_TLS_ROUNDS; rounds++) {
        (void)llmfi_tls_flush(t); /* a server that takes no more may have answered before */
        if (br_ssl_engine_current_state(&t->ssl.eng) & BR_SSL_CLOSED) return llmfi_tls_ended(t, -LLMF_ERR_NETWORK);
        if (t->head_len) {
            asked = t->left ? t->left : sizeof t->head - t->head_len;
            n = llmfi_tls_receive(t);
            if (n > 0) len = llmfi_tls_take(t, out, cap);
        } else {
            asked = cap;
            n = llmfi_tls_bulk(t, out, cap, &len);
        }
        if (n < 0) return llmfi_tls_ended(t, n);
        t->dry = len && (size_t)n < asked;
        if (!len && (size_t)n < asked && !(br_ssl_engine_current_state(&t->ssl.eng) & BR_SSL_CLOSED)) break;
    }
    return (int)len;
}

static int llmfi_tls_read(void *user, void *stream, char *out, size_t cap) {
    llmfi_tls *t = (llmfi_tls *)stream;
    (void)user;
    return llmfi_tls_rest(t, t->lost ? 0 : llmfi_tls_read_some(t, out, cap));
}

static int llmfi_tls_write_some(llmfi_tls *t, const char *bytes, size_t len) {
    size_t at = 0, room;
    if (len > INT32_MAX) len = INT32_MAX;
    for (;;) {
        unsigned char *to;
        int n = llmfi_tls_flush(t);
        if (n < 0) return n;
        if (n == 0 || at == len) return (int)at;
        to = br_ssl_engine_sendapp_buf(&t->ssl.eng, &room);
        if (!to) return at ? (int)at : llmfi_tls_ended(t, -LLMF_ERR_NETWORK);
        if (room > len - at) room = len - at;
        memcpy(to, bytes + at, room);
        br_ssl_engine_sendapp_ack(&t->ssl.eng, room);
        br_ssl_engine_flush(&t->ssl.eng, 0);
        at += room;
    }
}

static int llmfi_tls_write(void *user, void *stream, const char *bytes, size_t len) {
    llmfi_tls *t = (llmfi_tls *)stream;
    (void)user;
    return llmfi_tls_rest(t, t->lost ? 0 : llmfi_tls_write_some(t, bytes, len));
}

/* With a word of farewell, as far as the socket takes it at once: servers drop the session of those that leave without. */
static void llmfi_tls_close_stream(void *user, void *stream) {
    llmfi_tls *t = (llmfi_tls *)stream;
    llmfi_net *net = t->b->net;
    (void)user;
    if (t->up && !t->lost) br_ssl_engine_close(&t->ssl.eng);
    if (t->begun && !t->lost) (void)llmfi_tls_flush(t);
    llmfi_socket_close_stream(net, t->under);
    llmfi_verify_free(&t->verify);
    llmfi_heap_free(net->heap, t->kept_in);
    llmfi_heap_free(net->heap, t->kept_out);
    t->b->streams--;
    if (t->b->lone == t) t->b->lone = NULL;
    llmfi_wipe(llmfi_str((const char *)t, sizeof *t)); /* the session's keys */
    llmfi_heap_free(net->heap, t);
}

static intptr_t llmfi_tls_fd(void *user, void *stream, int *events) {
    llmfi_tls *t = (llmfi_tls *)stream;
    intptr_t fd = llmfi_socket_fd(t->b->net, t->under, events);
    size_t len;
    (void)user;
    t->dry = false;
    if (t->begun && !t->up) *events = LLMF_FD_READ;
    if (t->begun && br_ssl_engine_sendrec_buf(&t->ssl.eng, &len)) *events = t->up ? *events | LLMF_FD_WRITE : LLMF_FD_WRITE;
    return fd;
}

static int64_t llmfi_tls_wait_ms(void *user, void *stream) {
    llmfi_tls *t = (llmfi_tls *)stream;
    (void)user;
    return t->begun ? -1 : llmfi_socket_wait_ms(t->b->net, t->under);
}

static void llmfi_tls_why(void *user, void *stream, llmfi_text *text) {
    llmfi_tls *t = (llmfi_tls *)stream;
    const char *words = t->why ? t->why : llmfi_verify_words(t->error);
    (void)user;
    if (t->cut) {
        LLMFI_SAY(text, "it was cut: the server said no TLS goodbye");
    } else if (words[0]) {
        llmfi_say_c(text, words);
    } else if (t->error >= BR_ERR_RECV_FATAL_ALERT && t->error < BR_ERR_SEND_FATAL_ALERT) {
        LLMFI_SAY(text, "the server refuses TLS 1.2, our ciphers or us: alert ");
        llmfi_say_int(text, t->error - BR_ERR_RECV_FATAL_ALERT);
    } else if (t->error == BR_ERR_UNSUPPORTED_VERSION || t->error == BR_ERR_BAD_VERSION) {
        LLMFI_SAY(text, "the server does not speak TLS 1.2");
    } else if (t->error == BR_ERR_NO_RANDOM) {
        LLMFI_SAY(text, "the system has no random bytes: set llmf_desc.random");
    } else if (t->error) {
        LLMFI_SAY(text, "no TLS connection: BearSSL's error ");
        llmfi_say_int(text, t->error);
    } else {
        llmfi_socket_why(t->b->net, t->under, text);
    }
}

/* What the ops are called with is the llmfi_bearssl. False: no memory. */
LLMFI_UNUSED static bool llmfi_tls_stream(llmfi_stream *to, llmfi_net *net) {
    static const llmfi_stream ours = {{NULL, llmfi_tls_open_stream, llmfi_tls_ready, llmfi_tls_read, llmfi_tls_write, llmfi_tls_close_stream, llmfi_tls_fd},
                                      llmfi_tls_wait_ms, llmfi_tls_why, LLMF_ERR_MEMORY, true, false};
    llmfi_bearssl *b = (llmfi_bearssl *)llmfi_heap_alloc(net->heap, sizeof *b);
    if (!b) return false;
    memset(b, 0, sizeof *b);
    b->net = net;
    *to = ours;
    to->ops.user = b;
    return true;
}

/* When its connections are closed. */
LLMFI_UNUSED static void llmfi_tls_close(llmfi_bearssl *b) {
    llmfi_heap *heap = b->net->heap;
    llmfi_anchors_free(&b->anchors);
    llmfi_wipe(llmfi_str((const char *)b->sessions, sizeof b->sessions));
    llmfi_heap_free(heap, b);
}

#endif
#endif
