/* https over our sockets by BearSSL, and the same certificates over libcurl: whom we talk to and whom not, connections cut at each byte, sessions, memory. */
#define LLMF_WITH_BEARSSL 1
#define LLMFACTORY_IMPLEMENTATION
#include "../../src/system.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

/* The library's sockets, where a test wants it so: a random few bytes at a time, and often none. */
static unsigned scant;             /* bytes at most; 0: as many as there are */
static int scanty(size_t *len) {
    int none = scant && rand() % 4 == 0;
    if (scant && *len > scant) *len = 1 + (size_t)rand() % scant;
    if (none) errno = EAGAIN;
    return none;
}
static long ration = -1;           /* bytes that the first socket which is read still gets; below 0: all have what they want */
static int rationed;               /* that one; 0: none has been read yet */
static ssize_t scant_recv(int fd, void *to, size_t len, int flags) {
    ssize_t n;
    if (scanty(&len)) return -1;
    if (ration < 0) return recv(fd, to, len, flags);
    if (!rationed) rationed = fd;
    if (fd == rationed && len > (size_t)ration) len = (size_t)ration;
    if (!len) errno = EAGAIN;
    n = len ? recv(fd, to, len, flags) : -1;
    if (fd == rationed && n > 0) ration -= n;
    return n;
}
static ssize_t scant_send(int fd, const void *from, size_t len, int flags) {
    return scanty(&len) ? -1 : send(fd, from, len, flags);
}
#define recv scant_recv
#define send scant_send

/* What a handshake cannot do in parts: signatures checked, and points multiplied, in the poll under way. */
#include <bearssl.h>
static struct { int checks, products; } sums;
static uint32_t counted_rsa(const unsigned char *x, size_t x_len, const unsigned char *oid, size_t hash_len, const br_rsa_public_key *key, unsigned char *hash) {
    sums.checks++;
    return br_rsa_pkcs1_vrfy_get_default()(x, x_len, oid, hash_len, key, hash);
}
static uint32_t counted_ecdsa(const br_ec_impl *ec, const void *hash, size_t hash_len, const br_ec_public_key *key, const void *sig, size_t sig_len) {
    sums.checks++;
    return br_ecdsa_vrfy_asn1_get_default()(ec, hash, hash_len, key, sig, sig_len);
}
static uint32_t counted_mul(unsigned char *g, size_t g_len, const unsigned char *x, size_t x_len, int curve) {
    sums.products++;
    return br_ec_get_default()->mul(g, g_len, x, x_len, curve);
}
static size_t counted_mulgen(unsigned char *r, const unsigned char *x, size_t x_len, int curve) {
    sums.products++;
    return br_ec_get_default()->mulgen(r, x, x_len, curve);
}
static const br_ec_impl *counted_ec(void) {
    static br_ec_impl ec;
    ec = *br_ec_get_default();
    ec.mul = counted_mul;
    ec.mulgen = counted_mulgen;
    return &ec;
}
#define br_rsa_pkcs1_vrfy_get_default() counted_rsa
#define br_ecdsa_vrfy_asn1_get_default() counted_ecdsa
#define br_ec_get_default() counted_ec()
#define br_ssl_engine_set_default_rsavrfy(e) br_ssl_engine_set_rsavrfy((e), counted_rsa)
#define br_ssl_engine_set_default_ecdsa(e) (br_ssl_engine_set_ec((e), counted_ec()), br_ssl_engine_set_ecdsa((e), counted_ecdsa))
#undef LLMFACTORY_IMPLEMENTATION
#include "kit.h"
#undef recv
#undef send
#undef br_rsa_pkcs1_vrfy_get_default
#undef br_ecdsa_vrfy_asn1_get_default
#undef br_ec_get_default
#include "alloc.h"
#include "server.h"
#include "tls_server.h"

enum { REFUSE = LLMF_ERR_TLS, ACCEPT = LLMF_OK, ANY_ERROR = -1 };

static char certs[256];            /* by certs.sh: ca, server, other, expired */
static char corpus[512];           /* of the shared folder; "": it is not there */

/* ---- one call ---- */

typedef struct talk {
    const char *transport, *host, *path, *ca_file;
    char url[256];
    kit_world w;
    llmf_desc desc;
    llmf_factory *f;
    llmf_error err;
    int code;
    char text[512], error[512];
} talk;

static int to_loopback(void *user, const char *host, char (*out)[64], int cap) {
    (void)user, (void)host, (void)cap;
    strcpy(out[0], "127.0.0.1");
    return 1;
}

static void talk_init(talk *t, const char *transport, const char *host, const char *path, const char *ca_file) {
    memset(t, 0, sizeof *t);
    t->desc = kit_desc(&t->w);
    t->desc.clock_ns = NULL;
    t->desc.log = NULL;
    t->desc.no_env = true;
    t->desc.api_key = "sk-canary";
    t->desc.transport = transport;
    t->desc.resolve = to_loopback;
    t->desc.ca_file = ca_file;
    t->desc.timeouts.total_ms = 20000;
    t->desc.memory_size = 2 << 20;
    t->transport = transport;
    t->host = host;
    t->path = path;
}

static void talk_open(talk *t, int port) {
    static char proxy[64];
    bool name = strcmp(t->host, "127.0.0.1") && strcmp(t->host, "localhost");
    if (!strcmp(t->transport, "curl") && name) { /* which cannot be told where a host is, but whom to go through */
        snprintf(proxy, sizeof proxy, "http://127.0.0.1:%d", port);
        t->desc.proxy = proxy;
    }
    snprintf(t->url, sizeof t->url, "https://%s:%d%s", t->host, port, t->path);
    t->desc.base_url = t->url;
    t->f = llmf_open(&t->desc, &t->err);
    if (!t->f) fail_msg("%s", t->err.text);
}

static void talk_call(talk *t, bool stream, const char *prompt) {
    llmf_request req = kit_request(stream);
    llmf_response r;
    if (prompt) req.prompt = prompt;
    llmf_generate(t->f, llmf_get(t->f, "openai:m", NULL), &req, &r);
    t->code = r.error.code;
    snprintf(t->error, sizeof t->error, "%s", r.error.text);
    snprintf(t->text, sizeof t->text, "%.*s", (int)(r.text.len < 500 ? r.text.len : 500), r.text.ptr);
    llmf_release(t->f, &r);
}

static void talk_expect(const talk *t, int code, const char *text) {
    if (t->code != code) fail_msg("%s %s%s: %s, wanted %s: %s", t->transport, t->host, t->path, llmf_result_name(t->code), llmf_result_name(code), t->error);
    if (text && !kit_has(code ? t->error : t->text, text)) fail_msg("%s %s%s: \"%s\" is not in: %s", t->transport, t->host, t->path, text, code ? t->error : t->text);
    if (kit_has(t->error, "sk-canary")) fail_msg("the key is in: %s", t->error);
}

static tls_server server_of(const char *dir, const char *name, bool chain) {
    static char chains[2][600], keys[2][600];
    static int turn;
    tls_server s;
    memset(&s, 0, sizeof s);
    turn = !turn;
    snprintf(chains[turn], sizeof chains[turn], "%s/%s.%s", dir, name, chain ? "chain" : "pem");
    snprintf(keys[turn], sizeof keys[turn], "%s/%s.key", dir, name);
    s.chain = chains[turn];
    s.key = keys[turn];
    s.highest = TLS1_2_VERSION;
    return s;
}

static tls_server our_server(void) {
    tls_server s = server_of(certs, "server", false);
    return s;
}

static const char *our_ca(void) {
    static char path[300];
    snprintf(path, sizeof path, "%s/ca.pem", certs);
    return path;
}

/* ---- the table: who is talked to ---- */

typedef struct verdict {
    const char *name;              /* of the certificates; what is special about the server behind it */
    const char *host;
    int lowest, highest;           /* 0: TLS 1.2 at most */
    const char *ciphers;
    bool wants_client;
    int bearssl, curl;
    const char *text;              /* in BearSSL's refusal */
    const char *reason;            /* where not both refuse, and it is not plainly right */
} verdict;

#define GOOD "good.test"
static const verdict table[] = {
    {"good", GOOD, 0, 0, NULL, false, ACCEPT, ACCEPT, NULL, NULL},
    {"good-ec", GOOD, 0, 0, NULL, false, ACCEPT, ACCEPT, NULL, NULL},
    {"good-ed", GOOD, 0, 0, NULL, false, REFUSE, ACCEPT, "alert 40", "BearSSL has no Ed25519; OpenSSL has, and the certificate is good"},
    {"expired", GOOD, 0, 0, NULL, false, REFUSE, REFUSE, "expired", NULL},
    {"notyet", GOOD, 0, 0, NULL, false, REFUSE, REFUSE, "not valid yet", NULL},
    {"cnonly", GOOD, 0, 0, NULL, false, REFUSE, ACCEPT, "another host", "libcurl with OpenSSL takes the common name where there is no subjectAltName; we do not"},
    {"sancn-mismatch", GOOD, 0, 0, NULL, false, REFUSE, REFUSE, "another host", NULL},
    {"wronghost", GOOD, 0, 0, NULL, false, REFUSE, REFUSE, "another host", NULL},
    {"selfsigned", GOOD, 0, 0, NULL, false, REFUSE, REFUSE, "self-signed", NULL},
    {"untrusted", GOOD, 0, 0, NULL, false, REFUSE, REFUSE, "unknown issuer", NULL},
    {"missing-inter", GOOD, 0, 0, NULL, false, REFUSE, REFUSE, "unknown issuer", NULL},
    {"by-notca", GOOD, 0, 0, NULL, false, REFUSE, REFUSE, "may not issue", NULL},
    {"pathlen", GOOD, 0, 0, NULL, false, REFUSE, REFUSE, "may not issue", NULL},
    {"nameconstr", GOOD, 0, 0, NULL, false, REFUSE, REFUSE, "must be understood", NULL},
    {"by-exp", GOOD, 0, 0, NULL, false, REFUSE, REFUSE, "above the server's has expired", NULL},
    {"eku-client", GOOD, 0, 0, NULL, false, REFUSE, REFUSE, "not meant for servers", NULL},
    {"unkcrit", GOOD, 0, 0, NULL, false, REFUSE, REFUSE, "must be understood", NULL},
    {"sha1", GOOD, 0, 0, NULL, false, REFUSE, REFUSE, "not accepted", NULL},
    {"md5", GOOD, 0, 0, NULL, false, REFUSE, REFUSE, "not accepted", NULL},
    {"rsa1024", GOOD, 0, 0, NULL, false, REFUSE, REFUSE, "too short", NULL},
    {"rsa512", GOOD, 0, 0, NULL, false, REFUSE, REFUSE, NULL, NULL},
    {"wildtld", GOOD, 0, 0, NULL, false, REFUSE, REFUSE, "another host", NULL},
    {"partwild", GOOD, 0, 0, NULL, false, REFUSE, REFUSE, "another host", NULL},
    {"sans1000", GOOD, 0, 0, NULL, false, ACCEPT, ACCEPT, NULL, NULL},
    {"deep", GOOD, 0, 0, NULL, false, ACCEPT, ACCEPT, NULL, NULL},
    {"nulsan", GOOD, 0, 0, NULL, false, REFUSE, REFUSE, "another host", NULL},
    {"good: a star", "a.wild.test", 0, 0, NULL, false, ACCEPT, ACCEPT, NULL, NULL},
    {"good: a star for two labels", "a.b.wild.test", 0, 0, NULL, false, REFUSE, REFUSE, "another host", NULL},
    {"good: an address that the certificate has", "127.0.0.1", 0, 0, NULL, false, ACCEPT, ACCEPT, NULL, NULL},
    {"ipdns: an address written as a name", "127.0.0.1", 0, 0, NULL, false, REFUSE, REFUSE, "another host", NULL},
    {"revoked: no list given", GOOD, 0, 0, NULL, false, ACCEPT, ACCEPT, NULL, "nobody asks for revocation: neither lists nor OCSP. llmf_desc takes no list"},
    {"good: TLS 1.3 only", GOOD, TLS1_3_VERSION, TLS1_3_VERSION, NULL, false, REFUSE, ACCEPT, "alert 70", "BearSSL ends at TLS 1.2; said in the manual"},
    {"good: TLS 1.2 only", GOOD, TLS1_2_VERSION, TLS1_2_VERSION, NULL, false, ACCEPT, ACCEPT, NULL, NULL},
    {"good: TLS 1.1 only", GOOD, TLS1_1_VERSION, TLS1_1_VERSION, "ALL:@SECLEVEL=0", false, REFUSE, REFUSE, NULL, NULL},
    {"good: TLS 1.0 only", GOOD, TLS1_VERSION, TLS1_VERSION, "ALL:@SECLEVEL=0", false, REFUSE, REFUSE, NULL, NULL},
    {"good: no cipher", GOOD, 0, 0, "eNULL:@SECLEVEL=0", false, REFUSE, REFUSE, "alert 40", NULL},
    {"good: anonymous", GOOD, 0, 0, "aNULL:@SECLEVEL=0", false, REFUSE, REFUSE, "alert 40", NULL},
    {"good: AES-CBC only", GOOD, 0, 0, "ECDHE-RSA-AES128-SHA:ECDHE-RSA-AES128-SHA256", false, REFUSE, ACCEPT, "alert 40", "we offer no CBC; OpenSSL does"},
    {"good: no forward secrecy", GOOD, 0, 0, "AES128-GCM-SHA256:AES128-SHA", false, REFUSE, ACCEPT, "alert 40", "we offer ECDHE only; OpenSSL more"},
    {"good: a client's certificate is wanted", GOOD, 0, 0, NULL, true, REFUSE, ANY_ERROR, "alert 40", "libcurl tells it as a connection that ended"},
    {"good: AES-256 only", GOOD, 0, 0, "ECDHE-RSA-AES256-GCM-SHA384", false, ACCEPT, ACCEPT, NULL, NULL},
    {"good: ChaCha20 only", GOOD, 0, 0, "ECDHE-RSA-CHACHA20-POLY1305", false, ACCEPT, ACCEPT, NULL, NULL},
};

static void talk_row(const verdict *v, const char *transport, int want, const char *text) {
    char name[64], root[600];
    tls_server s;
    talk t;
    snprintf(name, sizeof name, "%.*s", (int)strcspn(v->name, ":"), v->name);
    snprintf(root, sizeof root, "%s/root.pem", corpus);
    s = server_of(corpus, name, true);
    s.lowest = v->lowest;
    if (v->highest) s.highest = v->highest;
    s.ciphers = v->ciphers ? v->ciphers : "ALL:@SECLEVEL=0";
    s.wants_client = v->wants_client;
    assert_true(tls_start(&s));
    talk_init(&t, transport, v->host, "/v1", root);
    talk_open(&t, s.port);
    talk_call(&t, false, NULL);
    if (want == ANY_ERROR ? t.code == LLMF_OK : t.code != want) fail_msg("%s over %s: %s: %s%s", v->name, transport, llmf_result_name(t.code), t.error, t.text);
    if (want == REFUSE && text && !kit_has(t.error, text)) fail_msg("%s over %s: \"%s\" is not in: %s", v->name, transport, text, t.error);
    if (want == REFUSE && !kit_has(t.error, v->host)) fail_msg("%s: no host in: %s", v->name, t.error);
    if (want == REFUSE && s.counts->requests) fail_msg("%s: a request was sent", v->name);
    llmf_close(t.f);
    tls_stop(&s);
}

static void whom_bearssl_talks_to(void **state) {
    size_t i;
    (void)state;
    if (!corpus[0]) skip();
    for (i = 0; i < KIT_COUNT(table); i++) talk_row(&table[i], "socket", table[i].bearssl, table[i].text);
}

static void whom_curl_talks_to(void **state) {
    size_t i;
    (void)state;
    if (!corpus[0]) skip();
    for (i = 0; i < KIT_COUNT(table); i++) {
        talk_row(&table[i], "curl", table[i].curl, NULL);
        if ((table[i].curl == REFUSE) != (table[i].bearssl == REFUSE)) assert_non_null(table[i].reason);
    }
}

/* Servers send certificates that have ended behind those that lead to a root: old cross-signed roots, mostly. */
static void what_follows_a_root_does_not_matter(void **state) {
    static const char *const parts[] = {"good.chain", "ica-exp.pem"};
    char path[600], bytes[16384];
    tls_server s;
    size_t i;
    FILE *out;
    talk t;
    (void)state;
    if (!corpus[0]) skip();
    s = server_of(corpus, "good", true);
    out = fopen("build/longer.chain", "wb");
    assert_non_null(out);
    for (i = 0; i < KIT_COUNT(parts); i++) {
        FILE *in;
        size_t n;
        snprintf(path, sizeof path, "%s/%s", corpus, parts[i]);
        in = fopen(path, "rb");
        assert_non_null(in);
        n = fread(bytes, 1, sizeof bytes, in);
        assert_true(n > 0 && fwrite(bytes, 1, n, out) == n);
        fclose(in);
    }
    fclose(out);
    s.chain = "build/longer.chain";
    assert_true(tls_start(&s));
    snprintf(path, sizeof path, "%s/root.pem", corpus);
    talk_init(&t, "socket", GOOD, "/v1", path);
    talk_open(&t, s.port);
    talk_call(&t, false, NULL);
    talk_expect(&t, LLMF_OK, "full");
    llmf_close(t.f);
    tls_stop(&s);
}

/* ---- what is asked for ---- */

/* The extension of a ClientHello; NULL: it is not there. */
static const unsigned char *hello_extension(const tls_counts *c, unsigned type, size_t *len) {
    const unsigned char *p = c->hello + 5 + 4 + 2 + 32, *end = c->hello + c->hello_len;
    p += 1 + p[0];
    p += 2 + (p[0] << 8 | p[1]);
    p += 1 + p[0] + 2;
    while (p + 4 <= end) {
        *len = (size_t)(p[2] << 8 | p[3]);
        if ((unsigned)(p[0] << 8 | p[1]) == type) return p + 4;
        p += 4 + *len;
    }
    return NULL;
}

static void what_the_hello_says(void **state) {
    tls_server s = our_server();
    const unsigned char *ext;
    size_t len, i;
    talk t;
    (void)state;
    assert_true(tls_start(&s));
    talk_init(&t, "socket", "localhost", "/v1", our_ca());
    talk_open(&t, s.port);
    talk_call(&t, false, NULL);
    talk_expect(&t, LLMF_OK, "full connection 1");
    assert_true(s.counts->hello_len > 100);
    ext = hello_extension(s.counts, 0, &len); /* server_name */
    assert_non_null(ext);
    assert_memory_equal(ext + 5, "localhost", 9);
    ext = hello_extension(s.counts, 16, &len); /* ALPN */
    assert_non_null(ext);
    assert_memory_equal(ext + 2, "\x08http/1.1", 9);
    assert_null(hello_extension(s.counts, 1, &len)); /* no max_fragment_length */
    ext = hello_extension(s.counts, 13, &len); /* signature_algorithms: neither SHA-1 nor MD5, nor SHA-224 */
    assert_non_null(ext);
    for (i = 2; i + 1 < len; i += 2) assert_true(ext[i] >= 4);
    llmf_close(t.f);
    talk_init(&t, "socket", "127.0.0.1", "/v1", our_ca());
    talk_open(&t, s.port);
    talk_call(&t, false, NULL);
    talk_expect(&t, LLMF_OK, "full");
    assert_null(hello_extension(s.counts, 0, &len)); /* an address is no name */
    llmf_close(t.f);
    tls_stop(&s);
}

static int64_t wall_2050(void *user) {
    (void)user;
    return INT64_C(2524608000000);
}
static int64_t wall_2020(void *user) {
    (void)user;
    return INT64_C(1577836800000);
}

static void the_clock_is_the_factorys(void **state) {
    tls_server s = our_server();
    talk t;
    (void)state;
    assert_true(tls_start(&s));
    talk_init(&t, "socket", "localhost", "/v1", our_ca());
    t.desc.wall_ms = wall_2020;
    talk_open(&t, s.port);
    talk_call(&t, false, NULL);
    talk_expect(&t, LLMF_ERR_TLS, "not valid yet");
    llmf_close(t.f);
    talk_init(&t, "socket", "localhost", "/v1", our_ca());
    t.desc.wall_ms = wall_2050;
    talk_open(&t, s.port);
    talk_call(&t, false, NULL);
    talk_expect(&t, LLMF_ERR_TLS, "ca_file"); /* the root has ended too */
    llmf_close(t.f);
    tls_stop(&s);
}

static void where_roots_come_from(void **state) {
    static char pem[65536];
    tls_server s = our_server();
    talk t;
    size_t n;
    FILE *f = fopen(our_ca(), "rb");
    (void)state;
    assert_non_null(f);
    n = fread(pem, 1, sizeof pem - 1, f);
    pem[n] = '\0';
    fclose(f);
    assert_true(tls_start(&s));
    talk_init(&t, "socket", "localhost", "/v1", "/nowhere.pem"); /* ca_pem wins */
    t.desc.ca_pem = pem;
    talk_open(&t, s.port);
    talk_call(&t, false, NULL);
    talk_expect(&t, LLMF_OK, "full");
    llmf_close(t.f);
    talk_init(&t, "socket", "localhost", "/v1", "/nowhere.pem");
    talk_open(&t, s.port);
    talk_call(&t, false, NULL);
    talk_expect(&t, LLMF_ERR_TLS, "cannot be read");
    llmf_close(t.f);
    talk_init(&t, "socket", "localhost", "/v1", "/dev/zero"); /* has no end */
    talk_open(&t, s.port);
    talk_call(&t, false, NULL);
    talk_expect(&t, LLMF_ERR_TLS, "cannot be read");
    llmf_close(t.f);
    talk_init(&t, "socket", "localhost", "/v1", NULL);
    t.desc.ca_pem = "no certificate";
    talk_open(&t, s.port);
    talk_call(&t, false, NULL);
    talk_expect(&t, LLMF_ERR_TLS, "ca_pem");
    llmf_close(t.f);
    talk_init(&t, "socket", "localhost", "/v1", NULL); /* the system's, or those built in: our root is in neither */
    talk_open(&t, s.port);
    talk_call(&t, false, NULL);
    talk_expect(&t, LLMF_ERR_TLS, NULL);
    llmf_close(t.f);
    talk_init(&t, "socket", "localhost", "/v1", NULL);
    t.desc.insecure_tls = true;
    talk_open(&t, s.port);
    talk_call(&t, false, NULL);
    talk_expect(&t, LLMF_OK, "full");
    llmf_close(t.f);
    tls_stop(&s);
}

/* ---- pinned keys ---- */

/* The pin of a certificate, as OpenSSL sees its key. */
static const char *pin_of(const char *name) {
    static char pins[4][64];
    static int turn;
    unsigned char hash[SHA256_DIGEST_LENGTH], *der = NULL;
    char path[600], *pin = pins[turn++ % 4];
    X509 *cert;
    FILE *f;
    int len;
    snprintf(path, sizeof path, "%s/%s.pem", certs, name);
    f = fopen(path, "rb");
    assert_non_null(f);
    cert = PEM_read_X509(f, NULL, NULL, NULL);
    fclose(f);
    assert_non_null(cert);
    len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
    assert_true(len > 0);
    SHA256(der, (size_t)len, hash);
    strcpy(pin, "sha256//");
    EVP_EncodeBlock((unsigned char *)pin + 8, hash, sizeof hash);
    OPENSSL_free(der);
    X509_free(cert);
    return pin;
}

static void only_pinned_keys(void **state) {
    static const char *const transports[] = {"socket", "curl"};
    static const struct { const char *first, *second; bool insecure, unknown; int code; const char *text; } rows[] = {
        {"server", NULL, false, false, LLMF_OK, "full"},
        {"other", "server", false, false, LLMF_OK, "full"},
        {"server", "other", false, false, LLMF_OK, "full"},
        {"other", NULL, false, false, LLMF_ERR_TLS, "none of llmf_desc.pinned_keys"},
        {"other", "expired", false, false, LLMF_ERR_TLS, "none of llmf_desc.pinned_keys"},
        {"ca", NULL, false, false, LLMF_ERR_TLS, "none of llmf_desc.pinned_keys"}, /* the server's own key counts, not that of who signed it */
        {"server", NULL, true, true, LLMF_OK, "full"},
        {"other", NULL, true, true, LLMF_ERR_TLS, "none of llmf_desc.pinned_keys"},
        {"server", NULL, false, true, LLMF_ERR_TLS, "issuer"}, /* a pin is no substitute for a root */
    };
    tls_server s = our_server();
    size_t i, k;
    (void)state;
    assert_true(tls_start(&s));
    for (k = 0; k < 2; k++)
        for (i = 0; i < KIT_COUNT(rows); i++) {
            char pins[160];
            long before = s.counts->requests;
            talk t;
            snprintf(pins, sizeof pins, "%s%s%s", pin_of(rows[i].first), rows[i].second ? ";" : "", rows[i].second ? pin_of(rows[i].second) : "");
            talk_init(&t, transports[k], "localhost", "/v1", rows[i].unknown ? NULL : our_ca());
            t.desc.pinned_keys = pins;
            t.desc.insecure_tls = rows[i].insecure;
            t.desc.max_idle = -1;
            talk_open(&t, s.port);
            memset(pins, 'x', sizeof pins); /* copied */
            talk_call(&t, false, NULL);
            talk_expect(&t, rows[i].code, rows[i].text);
            if (!rows[i].code) talk_call(&t, false, NULL);
            talk_expect(&t, rows[i].code, NULL);
            if (s.counts->requests - before != (rows[i].code ? 0 : 2)) fail_msg("row %zu over %s: %ld requests", i, transports[k], s.counts->requests - before);
            llmf_close(t.f);
        }
    tls_stop(&s);
}

static int never_started(void *user, llmf_exchange *x, const llmf_http_request *req) {
    (void)user, (void)x, (void)req;
    return LLMF_ERR_NETWORK;
}

static void pins_that_are_none(void **state) {
    static const char *const bad[] = {
        "", "sha256//", "/a/key.pem", "sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "sha1//AAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==", "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=",
        "sha256//-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", " sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=;",
        "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=; sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=,sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="};
    llmf_transport own;
    llmf_desc d;
    kit_world w;
    llmf_error err;
    llmf_factory *f;
    size_t i;
    (void)state;
    for (i = 0; i < KIT_COUNT(bad); i++) {
        d = kit_desc(&w);
        d.pinned_keys = bad[i];
        assert_null(llmf_open(&d, &err));
        assert_int_equal(err.code, LLMF_ERR_ARGUMENT);
        if (!kit_has(err.text, "pinned_keys") || !kit_has(err.text, "44 characters")) fail_msg("%s: %s", bad[i], err.text);
        kit_drop(&w.log);
    }
    d.pinned_keys = "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=;sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    f = llmf_open(&d, &err);
    assert_non_null(f);
    llmf_close(f);
    memset(&own, 0, sizeof own);
    own.start = never_started;
    d.custom_transport = &own; /* nobody would look at keys */
    assert_null(llmf_open(&d, &err));
    assert_int_equal(err.code, LLMF_ERR_ARGUMENT);
    assert_true(kit_has(err.text, "pinned_keys"));
    kit_drop(&w.log);
}

/* ---- ends ---- */

static void a_missing_goodbye_is_a_cut(void **state) {
    static const struct { const char *path; bool stream; int code; const char *text; } ends[] = {
        {"/open-bye", false, LLMF_OK, "full"},
        {"/open-half", false, LLMF_OK, "full"},                /* a goodbye, and the TCP connection stays */
        {"/open-cut", false, LLMF_ERR_TRUNCATED, "goodbye"},
        {"/stream-bye", true, LLMF_OK, "one two"},
        {"/stream-cut", true, LLMF_OK, "one two"},             /* its terminal event had come */
        {"/stream-half-bye", true, LLMF_ERR_TRUNCATED, NULL},
        {"/stream-half-cut", true, LLMF_ERR_TRUNCATED, "goodbye"},
    };
    tls_server s = our_server();
    size_t i;
    (void)state;
    assert_true(tls_start(&s));
    for (i = 0; i < KIT_COUNT(ends); i++) {
        talk t;
        double from = kit_seconds();
        talk_init(&t, "socket", "localhost", ends[i].path, our_ca());
        talk_open(&t, s.port);
        talk_call(&t, ends[i].stream, NULL);
        talk_expect(&t, ends[i].code, ends[i].text);
        assert_true(kit_seconds() - from < 1.5);
        llmf_close(t.f);
    }
    tls_stop(&s);
}

/* One call on a connection that ends after `at` of the `whole` bytes that the server sends, or (way 1) gets, in a factory of its own that may have a session to
   resume. */
static void cut_at_byte(tls_server *s, bool resumed, int way, long at, long whole) {
    size_t used;
    talk t;
    talk_init(&t, "socket", "localhost", "/v1", our_ca());
    t.desc.max_idle = -1;
    talk_open(&t, s->port);
    if (resumed) talk_call(&t, false, NULL);
    if (resumed) talk_expect(&t, LLMF_OK, "full");
    used = kit_used(t.f);
    s->counts->cut_at[way] = at;
    talk_call(&t, false, NULL);
    if (t.code != LLMF_ERR_TLS && t.code != LLMF_ERR_NETWORK && t.code != LLMF_ERR_TRUNCATED)
        fail_msg("cut at %ld of %ld %s: %s: %s%s", at, whole, way ? "received" : "sent", llmf_result_name(t.code), t.error, t.text);
    s->counts->cut_at[way] = 0;
    talk_call(&t, false, NULL); /* nothing of it stays */
    talk_expect(&t, LLMF_OK, NULL);
    if (resumed && kit_used(t.f) != used) fail_msg("cut at %ld %s: %zu bytes of the heap, %zu before", at, way ? "received" : "sent", kit_used(t.f), used);
    llmf_close(t.f);
}

/* An error each time, and all memory comes back. */
static bool cut_resumed;
static int cut_way;
static void cut_at_every_byte_one_way(void **state) {
    tls_server s = our_server();
    double from = kit_seconds();
    long at, whole;
    talk t;
    (void)state;
    assert_true(tls_start(&s));
    talk_init(&t, "socket", "localhost", "/v1", our_ca());
    t.desc.max_idle = -1;
    talk_open(&t, s.port);
    talk_call(&t, false, NULL);
    if (cut_resumed) talk_call(&t, false, NULL);
    talk_expect(&t, LLMF_OK, cut_resumed ? "resumed" : "full");
    whole = cut_way ? s.counts->asked : s.counts->sent;
    llmf_close(t.f);
    assert_true(whole > 200);
    for (at = 1; at < whole; at++) cut_at_byte(&s, cut_resumed, cut_way, at, whole);
    fprintf(stderr, "a %s handshake and a call, cut at each of the %ld bytes %s: %.0f s\n", cut_resumed ? "resumed" : "full", whole, cut_way ? "received" : "sent", kit_seconds() - from);
    tls_stop(&s);
}

/* Each of these takes a while: all at once, in processes of their own. What they say is for build/tls-cuts-*.txt, but for a line each. */
static const char *self;
static void cut_at_every_byte(void **state) {
    pid_t pids[4];
    int i, status;
    (void)state;
    for (i = 0; i < 4; i++) {
        char file[64], resumed[2] = {(char)('0' + i / 2), '\0'}, way[2] = {(char)('0' + i % 2), '\0'};
        snprintf(file, sizeof file, "build/tls-cuts-%d.txt", i);
        pids[i] = fork();
        if (pids[i] == 0) {
            if (freopen(file, "w", stdout)) execl(self, self, resumed, way, (char *)NULL);
            _exit(127);
        }
    }
    for (i = 0; i < 4; i++) {
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        if (!WIFEXITED(status) || WEXITSTATUS(status)) fail_msg("see build/tls-cuts-%d.txt", i);
    }
}

/* Someone who accepts and says nothing, and a call that is given up meanwhile. */
static void a_silent_server(void **state) {
    llmf_request req = kit_request(false);
    llmf_call c;
    talk t;
    int port, fd = tls_listen(&port), i;
    (void)state;
    assert_true(fd >= 0);
    talk_init(&t, "socket", "localhost", "/v1", our_ca());
    t.desc.timeouts.connect_ms = 200;
    talk_open(&t, port);
    talk_call(&t, false, NULL);
    talk_expect(&t, LLMF_ERR_TIMEOUT, "connect_ms");
    c = llmf_start(t.f, llmf_get(t.f, "openai:m", NULL), &req);
    for (i = 0; i < 5; i++) llmf_poll(t.f, 5);
    assert_int_equal(llmf_cancel(t.f, c), LLMF_OK);
    assert_int_equal(llmf_status(t.f, c, NULL), LLMF_ERR_CANCELLED);
    llmf_free(t.f, c);
    llmf_close(t.f);
    close(fd);
}

/* Someone who does not speak TLS. */
static void no_tls_there(void **state) {
    static const char answer[] = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
    llmf_request req = kit_request(false);
    kit_seen seen;
    llmf_call c;
    talk t;
    int port, fd = tls_listen(&port), peer, i;
    (void)state;
    assert_true(fd >= 0);
    talk_init(&t, "socket", "localhost", "/v1", our_ca());
    talk_open(&t, port);
    memset(&seen, 0, sizeof seen);
    c = llmf_start(t.f, llmf_get(t.f, "openai:m", NULL), &req);
    for (i = 0; i < 5; i++) llmf_poll(t.f, 5);
    peer = accept(fd, NULL, NULL);
    assert_true(peer >= 0 && write(peer, answer, sizeof answer - 1) == (ssize_t)sizeof answer - 1);
    assert_true(kit_run(t.f, c, &seen, 5));
    assert_int_equal(seen.code, LLMF_ERR_TLS);
    assert_true(kit_has(seen.error, "does not speak TLS 1.2"));
    kit_forget(&seen);
    llmf_free(t.f, c);
    llmf_close(t.f);
    close(peer);
    close(fd);
}

/* ---- shapes of traffic ---- */

static void bytes_one_by_one(void **state) {
    tls_server s = our_server();
    talk t;
    (void)state;
    s.piece = 1;
    assert_true(tls_start(&s));
    talk_init(&t, "socket", "localhost", "/v1", our_ca());
    talk_open(&t, s.port);
    talk_call(&t, false, NULL);
    talk_expect(&t, LLMF_OK, "full connection 1");
    talk_call(&t, false, NULL);
    talk_expect(&t, LLMF_OK, "full connection 1");
    llmf_close(t.f);
    tls_stop(&s);
}

static void large_and_small(void **state) {
    static char prompt[1500001];
    static const size_t recvs[] = {256, 1000, 16384, 65536};
    tls_server s = our_server();
    llmf_request req = kit_request(false);
    llmf_response r;
    talk t;
    size_t i, k;
    (void)state;
    memset(prompt, 'x', sizeof prompt - 1);
    assert_true(tls_start(&s));
    for (k = 0; k < KIT_COUNT(recvs); k++) {
        talk_init(&t, "socket", "localhost", "/big", our_ca());
        t.desc.memory_size = 32 << 20;
        t.desc.recv_size = recvs[k] < 1000 ? 1000 : recvs[k]; /* a request's head must fit; below, only reading is small */
        talk_open(&t, s.port);
        if (recvs[k] < 1000) t.f->desc.recv_size = recvs[k];
        req.prompt = prompt;
        llmf_generate(t.f, llmf_get(t.f, "openai:m", NULL), &req, &r);
        if (r.error.code) fail_msg("recv_size %zu: %s", recvs[k], r.error.text);
        assert_int_equal(r.text.len, 600000);
        assert_true(kit_has(r.text.ptr, "body 15000"));
        for (i = 40; i < r.text.len; i++)
            if (r.text.ptr[i] != (char)('a' + i % 23)) fail_msg("byte %zu of the reply", i);
        llmf_release(t.f, &r);
        llmf_close(t.f);
    }
    talk_init(&t, "socket", "localhost", "/tiny", our_ca());
    talk_open(&t, s.port);
    talk_call(&t, false, NULL);
    talk_expect(&t, LLMF_OK, "full");
    llmf_close(t.f);
    tls_stop(&s);
}

/* One full handshake in slices of a microsecond. What a poll may do is check one signature or agree on one secret, which are two products that BearSSL makes at
   once; and reading the roots is a poll of its own. */
static void in_slices(tls_server s, const char *host, const char *ca, int checks) {
    llmf_request req = kit_request(false);
    const llmfi_http *http;
    kit_seen seen;
    llmf_call c;
    talk t;
    int polls = 0, most = 0, all = 0, products = 0;
    assert_true(tls_start(&s));
    talk_init(&t, "socket", host, "/v1", ca);
    t.desc.slice_us = 1;
    talk_open(&t, s.port);
    memset(&seen, 0, sizeof seen);
    c = llmf_start(t.f, llmf_get(t.f, "openai:m", NULL), &req);
    http = (llmfi_http *)(void *)t.f->socket;
    while (!seen.finals && polls < 1000000) {
        const llmfi_bearssl *b = (const llmfi_bearssl *)http->secure.ops.user;
        bool had_roots = b->roots != NULL;
        memset(&sums, 0, sizeof sums);
        llmf_poll(t.f, 0);
        if (!had_roots && b->roots) assert_false(((llmfi_tls *)http->list[LLMFI_CONN_DIAL].first->stream)->begun);
        if (sums.checks > most) most = sums.checks;
        if (sums.checks && sums.products) fail_msg("%d signatures and %d products in one poll", sums.checks, sums.products);
        all += sums.checks;
        products += sums.products;
        kit_take(t.f, c, &seen);
        polls++;
    }
    if (seen.code) fail_msg("%s", seen.error);
    if (all != checks || most != 1 || products != 2) fail_msg("%s: %d signatures, %d wanted; %d in one poll; %d products", s.chain, all, checks, most, products);
    kit_forget(&seen);
    llmf_free(t.f, c);
    llmf_close(t.f);
    tls_stop(&s);
}

static void a_frame_is_not_held_up(void **state) {
    static const struct { const char *name; int checks; } chains[] = {{"good", 3}, {"good-ec", 3}};
    char root[600];
    size_t i;
    int k;
    (void)state;
    snprintf(root, sizeof root, "%s/root.pem", corpus);
    for (k = 0; k < 2; k++) {
        tls_server s = our_server();
        s.one_record = k != 0;
        in_slices(s, "localhost", our_ca(), 2);
        for (i = 0; i < KIT_COUNT(chains) && corpus[0]; i++) {
            s = server_of(corpus, chains[i].name, true);
            s.one_record = k != 0;
            in_slices(s, GOOD, root, chains[i].checks);
        }
    }
}

/* Where a handshake is cut: behind each head, message and certificate, and each 256 bytes of one. */
static void pieces_of_a_handshake(void **state) {
    static const struct { unsigned char head[4]; size_t head_len, body; } parts[] = {
        {{2, 0, 0, 10}, 4, 10},                              /* a hello */
        {{11, 0, 1, 58}, 4, 0}, {{0, 1, 55, 0}, 3, 0},       /* certificates: 3 + 3 + 300 + 3 + 5 bytes */
        {{0, 1, 44, 0}, 3, 300}, {{0, 0, 5, 0}, 3, 5},
        {{14, 0, 0, 0}, 4, 0}, {{12, 0, 0, 1}, 4, 1},        /* one without a body, and what follows */
    };
    static const size_t cuts[] = {4, 10, 4, 3, 3, 256, 44, 3, 5, 4, 4, 1};
    unsigned char bytes[512];
    size_t len = 0, at = 0, i;
    llmfi_pieces p;
    (void)state;
    memset(bytes, 11, sizeof bytes);
    for (i = 0; i < KIT_COUNT(parts); i++) {
        memcpy(bytes + len, parts[i].head, parts[i].head_len);
        len += parts[i].head_len + parts[i].body;
    }
    memset(&p, 0, sizeof p);
    for (i = 0; i < KIT_COUNT(cuts); i++) {
        size_t n = llmfi_piece_len(&p), k;
        assert_int_equal(n, cuts[i]);
        for (k = 0; k < n; k++) {
            llmfi_piece_came(&p, bytes + at + k, 1);
            if (k + 1 < n && n < LLMFI_TLS_PIECE) assert_int_equal(llmfi_piece_len(&p), n - k - 1); /* however few come at a time */
        }
        at += n;
    }
    assert_int_equal(at, len);
}

/* ---- sessions ---- */

static uint64_t later_ns;
static uint64_t later(void *user) {
    struct timespec now;
    (void)user;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec + later_ns;
}

static void sessions_are_resumed(void **state) {
    tls_server s = our_server(), other = our_server();
    talk t;
    int i;
    (void)state;
    assert_true(tls_start(&s) && tls_start(&other));
    talk_init(&t, "socket", "localhost", "/v1", our_ca());
    t.desc.max_idle = -1;
    t.desc.clock_ns = later;
    later_ns = 0;
    talk_open(&t, s.port);
    talk_call(&t, false, NULL);
    talk_expect(&t, LLMF_OK, "full connection 1");
    for (i = 2; i < 5; i++) {
        talk_call(&t, false, NULL);
        talk_expect(&t, LLMF_OK, "resumed");
    }
    assert_int_equal(s.counts->resumed, 3);
    later_ns = UINT64_C(3601000000000); /* an hour later the certificate is wanted again */
    talk_call(&t, false, NULL);
    talk_expect(&t, LLMF_OK, "full");
    talk_call(&t, false, NULL);
    talk_expect(&t, LLMF_OK, "resumed");
    llmf_close(t.f);
    /* another factory knows nothing of it */
    talk_init(&t, "socket", "localhost", "/v1", our_ca());
    talk_open(&t, s.port);
    talk_call(&t, false, NULL);
    talk_expect(&t, LLMF_OK, "full");
    llmf_close(t.f);
    tls_stop(&s);
    tls_stop(&other);
}

static void ten_calls_one_connection(void **state) {
    tls_server s = our_server();
    talk t;
    int i;
    (void)state;
    assert_true(tls_start(&s));
    talk_init(&t, "socket", "localhost", "/v1", our_ca());
    talk_open(&t, s.port);
    for (i = 0; i < 10; i++) {
        talk_call(&t, false, NULL);
        talk_expect(&t, LLMF_OK, "full connection 1");
    }
    assert_int_equal(s.counts->accepted, 1);
    assert_int_equal(s.counts->requests, 10);
    llmf_close(t.f);
    usleep(100000);
    assert_int_equal(s.counts->goodbyes, 1);
    tls_stop(&s);
}

/* ---- the loopback server: two dialects, streamed ---- */

static void streams_over_https(void **state) {
    static const char *const models[] = {"openai:m", "anthropic:claude-sonnet-5"};
    static const char *const roots[] = {"/v1", ""};
    char cert[300], key[300], base[128], reply[65536];
    server lb;
    size_t m;
    (void)state;
    snprintf(cert, sizeof cert, "%s/server.pem", certs);
    snprintf(key, sizeof key, "%s/server.key", certs);
    if (!server_start_tls(&lb, cert, key)) skip();
    for (m = 0; m < 2; m++) {
        talk t;
        unsigned long all = 0;
        int i;
        (void)server_ask(lb.port, "POST", "/reset", reply, sizeof reply);
        talk_init(&t, "socket", "localhost", "", our_ca());
        snprintf(base, sizeof base, "https://localhost:%d%s", lb.tls_port, roots[m]);
        t.desc.base_url = base;
        t.f = llmf_open(&t.desc, &t.err);
        assert_non_null(t.f);
        for (i = 0; i < 10; i++) {
            llmf_request req = kit_request(true);
            kit_seen seen;
            llmf_call c;
            llmf_model model = llmf_get(t.f, models[m], NULL);
            memset(&seen, 0, sizeof seen);
            alloc_begin(); /* from the first connection on: reading the roots too */
            c = llmf_start(t.f, model, &req);
            while (llmf_poll(t.f, 1000) > 0) {
                llmf_event ev;
                while (llmf_next(t.f, c, &ev)) {
                    alloc_end();
                    kit_see(&seen, &ev);
                    alloc_counting = 1;
                }
            }
            alloc_end();
            all += alloc_all;
            assert_int_equal(seen.finals, 1);
            if (seen.code) fail_msg("%s: %s", models[m], seen.error);
            assert_true(seen.text.len > 20);
            kit_forget(&seen);
            llmf_free(t.f, c);
        }
        if (ALLOC_COUNTED && all) fail_msg("%lu allocations after llmf_open", all);
        llmf_close(t.f);
        (void)server_ask(lb.port, "GET", "/stats", reply, sizeof reply);
        if (!kit_has(reply, "\"reused\":9,")) fail_msg("ten calls, one connection: %s", reply);
    }
    server_stop(&lb);
}

/* ---- memory ---- */

enum { MANY = 12 };

/* As many streams at once, each on a connection of its own. Their texts are added to `texts`; true when all ended well. */
static bool many_streams(talk *t, kit_seen *seen) {
    llmf_call calls[MANY];
    double until = kit_seconds() + 60;
    int i, finals = 0, good = 0;
    for (i = 0; i < MANY; i++) {
        llmf_request req = kit_request(true);
        calls[i] = llmf_start(t->f, llmf_get(t->f, "openai:m", NULL), &req);
        memset(&seen[i], 0, sizeof seen[i]);
    }
    while (finals < MANY && kit_seconds() < until) {
        llmf_poll(t->f, 10);
        for (i = 0, finals = 0; i < MANY; i++) {
            kit_take(t->f, calls[i], &seen[i]);
            finals += seen[i].finals;
        }
    }
    for (i = 0; i < MANY; i++) {
        good += seen[i].finals == 1 && !seen[i].code;
        if (seen[i].code) printf("%s\n", seen[i].error);
        llmf_free(t->f, calls[i]);
    }
    return good == MANY;
}

/* The buffers for records are the factory's: whatever of a record comes or goes at a time, no connection gets what is another's, and one at rest needs a page. */
static void connections_share_their_buffers(void **state) {
    static const unsigned scants[] = {0, 1, 7, 100, 2000};
    static kit_seen seen[MANY];
    char cert[300], key[300], base[128], first[8192];
    server lb;
    size_t k;
    int i;
    (void)state;
    snprintf(cert, sizeof cert, "%s/server.pem", certs);
    snprintf(key, sizeof key, "%s/server.key", certs);
    assert_true(sizeof(llmfi_tls) <= 4096);
    if (!server_start_tls(&lb, cert, key)) skip();
    snprintf(base, sizeof base, "https://localhost:%d/v1/n30", lb.tls_port);
    for (k = 0; k < KIT_COUNT(scants); k++) {
        talk t;
        size_t used;
        talk_init(&t, "socket", "localhost", "", our_ca());
        t.desc.base_url = base;
        t.desc.max_idle = MANY;
        t.f = llmf_open(&t.desc, &t.err);
        assert_non_null(t.f);
        talk_call(&t, false, NULL);
        talk_expect(&t, LLMF_OK, NULL);
        used = kit_used(t.f);
        scant = scants[k];
        srand(7);
        assert_true(many_streams(&t, seen));
        scant = 0;
        for (i = 0; i < MANY; i++) {
            if (!k && !i) snprintf(first, sizeof first, "%s", kit_cstr(&seen[i].text));
            assert_string_equal(kit_cstr(&seen[i].text), first);
            kit_forget(&seen[i]);
        }
        assert_true(strlen(first) > 30);
        if (kit_used(t.f) - used > (MANY - 1) * 6144) fail_msg("%zu bytes for each kept connection", (kit_used(t.f) - used) / (MANY - 1));
        llmf_close(t.f);
    }
    server_stop(&lb);
}

/* The only connection leaves what is there of a record in the factory's buffers. When a second one is opened, behind each of so many bytes, it moves to a buffer of its own and goes
   on from there; or, where there is no memory for that (the nth request is refused, and each later one), it ends for it. */
static void another_connection_comes(void **state) {
    char cert[300], key[300], base[128], whole[8192] = "";
    int nth, moved = 0, lost = 0;
    long bytes;
    server lb;
    (void)state;
    snprintf(cert, sizeof cert, "%s/server.pem", certs);
    snprintf(key, sizeof key, "%s/server.key", certs);
    if (!server_start_tls(&lb, cert, key)) skip();
    snprintf(base, sizeof base, "https://localhost:%d/v1/n30", lb.tls_port);
    for (nth = 0; nth < 5; nth++)
        for (bytes = 1000; bytes < 5000; bytes += 131) {
            llmf_request req = kit_request(true);
            llmfi_bearssl *b;
            llmfi_tls *first;
            kit_seen seen;
            llmf_call c;
            bool part;
            void *second;
            talk t;
            int i;
            memset(&seen, 0, sizeof seen);
            talk_init(&t, "socket", "localhost", "", our_ca());
            t.desc.base_url = base;
            t.f = llmf_open(&t.desc, &t.err);
            assert_non_null(t.f);
            b = (llmfi_bearssl *)((llmfi_http *)(void *)t.f->socket)->secure.ops.user;
            ration = bytes;
            rationed = 0;
            c = llmf_start(t.f, llmf_get(t.f, "openai:m", NULL), &req);
            for (i = 0; i < 500 && ration; i++) llmf_poll(t.f, 2);
            assert_int_equal(ration, 0);
            first = b->lone;
            part = first && llmfi_tls_pending(first);
            assert_true(!first || !first->kept_in);
            llmf_fail_memory(t.f, (uint64_t)nth, true);
            second = llmfi_tls_open_stream(b, "localhost", lb.tls_port, true);
            llmf_fail_memory(t.f, 0, false);
            assert_true(second || nth);
            if (second && part) assert_true(first->lost ? nth > 0 && !first->kept_in : first->kept_in != NULL);
            memset(b->in, 0x55, sizeof b->in - (second && part ? 0 : sizeof b->in)); /* as the second one would */
            ration = -1;
            assert_true(kit_run(t.f, c, &seen, 20));
            if (seen.code) assert_true(nth && seen.code == LLMF_ERR_MEMORY && kit_has(seen.error, "a record that is there in part"));
            else if (!whole[0]) snprintf(whole, sizeof whole, "%s", kit_cstr(&seen.text));
            else assert_string_equal(kit_cstr(&seen.text), whole);
            moved += second && part && !seen.code;
            lost += seen.code != 0;
            if (second) llmfi_tls_close_stream(b, second);
            kit_forget(&seen);
            llmf_close(t.f);
        }
    print_message("%d went on from a buffer of their own, %d had no memory for one\n", moved, lost);
    assert_true(strlen(whole) > 30 && moved > 20 && lost > 5);
    server_stop(&lb);
}

static void each_allocation_refused(void **state) {
    tls_server s = our_server();
    int nth, on;
    (void)state;
    assert_true(tls_start(&s));
    for (on = 0; on < 4; on++) {
        int good = 0;
        srand(7);
        for (nth = 1; nth < 200 && good < 3; nth++) {
            talk t;
            talk_init(&t, "socket", "localhost", "/v1", our_ca());
            t.desc.max_idle = -1;
            talk_open(&t, s.port);
            assert_true(llmf_get(t.f, "openai:m", NULL).id != 0);
            llmf_fail_memory(t.f, (uint64_t)nth, on % 2 != 0);
            scant = on < 2 ? 0 : 60; /* records in part: they want memory too */
            talk_call(&t, false, NULL);
            scant = 0;
            if (t.code != LLMF_OK && t.code != LLMF_ERR_MEMORY) fail_msg("the %dth refused: %s: %s", nth, llmf_result_name(t.code), t.error);
            good += t.code == LLMF_OK;
            llmf_fail_memory(t.f, 0, false);
            talk_call(&t, false, NULL);
            talk_expect(&t, LLMF_OK, NULL);
            llmf_close(t.f);
        }
        assert_true(nth > 8 && good == 3);
    }
    tls_stop(&s);
}

/* What llmf_min_memory says is enough for max_calls at once, all of them on connections of their own. */
static void the_least_memory(void **state) {
    enum { CALLS = 12 };
    char cert[300], key[300], base[128];
    llmf_call calls[CALLS];
    llmf_event ev;
    server lb;
    talk t;
    int i, good = 0, finals = 0;
    double until = kit_seconds() + 30;
    (void)state;
    snprintf(cert, sizeof cert, "%s/server.pem", certs);
    snprintf(key, sizeof key, "%s/server.key", certs);
    if (!server_start_tls(&lb, cert, key)) skip();
    snprintf(base, sizeof base, "https://localhost:%d/v1/d20000", lb.tls_port);
    talk_init(&t, "socket", "localhost", "", our_ca());
    t.desc.base_url = base;
    t.desc.max_calls = t.desc.max_connections = CALLS;
    t.desc.memory_size = 0;
    t.desc.memory_size = llmf_min_memory(&t.desc);
    t.f = llmf_open(&t.desc, &t.err);
    assert_non_null(t.f);
    for (i = 0; i < CALLS; i++) {
        llmf_request req = kit_request(true);
        calls[i] = llmf_start(t.f, llmf_get(t.f, "openai:m", NULL), &req);
    }
    while (finals < CALLS && kit_seconds() < until) {
        llmf_poll(t.f, 100);
        while (llmf_next_any(t.f, &ev))
            if (ev.response) {
                finals++;
                good += ev.type == LLMF_EVENT_DONE;
                if (ev.type == LLMF_EVENT_ERROR) fail_msg("%s", ev.response->error.text);
            }
    }
    assert_int_equal(good, CALLS);
    for (i = 0; i < CALLS; i++) llmf_free(t.f, calls[i]);
    llmf_close(t.f);
    server_stop(&lb);
}

/* ---- the choice of transports ---- */

static void curl_stays_the_default(void **state) {
    tls_server s = our_server();
    llmf_desc d;
    size_t least, len;
    talk t;
    (void)state;
    assert_true(tls_start(&s));
    talk_init(&t, "socket", "localhost", "/v1", our_ca());
    t.desc.transport = NULL;
    talk_open(&t, s.port);
    talk_call(&t, false, NULL);
    talk_expect(&t, LLMF_OK, NULL);
    assert_true(hello_extension(s.counts, 43, &len) != NULL); /* supported_versions: OpenSSL's hello */
    d = t.desc;
    least = llmf_min_memory(&d);
    d.transport = "socket";
    assert_true(llmf_min_memory(&d) > least + 1000000);
    llmf_close(t.f);
    tls_stop(&s);
}

int main(int argc, char **argv) {
    const struct CMUnitTest cuts[] = {cmocka_unit_test(cut_at_every_byte_one_way)};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whom_bearssl_talks_to), cmocka_unit_test(whom_curl_talks_to), cmocka_unit_test(what_follows_a_root_does_not_matter), cmocka_unit_test(what_the_hello_says),
        cmocka_unit_test(the_clock_is_the_factorys), cmocka_unit_test(where_roots_come_from), cmocka_unit_test(only_pinned_keys), cmocka_unit_test(pins_that_are_none), cmocka_unit_test(a_missing_goodbye_is_a_cut),
        cmocka_unit_test(cut_at_every_byte), cmocka_unit_test(a_silent_server), cmocka_unit_test(no_tls_there), cmocka_unit_test(bytes_one_by_one), cmocka_unit_test(large_and_small), cmocka_unit_test(a_frame_is_not_held_up),
        cmocka_unit_test(pieces_of_a_handshake),
        cmocka_unit_test(sessions_are_resumed), cmocka_unit_test(ten_calls_one_connection), cmocka_unit_test(streams_over_https),
        cmocka_unit_test(another_connection_comes), cmocka_unit_test(connections_share_their_buffers), cmocka_unit_test(each_allocation_refused), cmocka_unit_test(the_least_memory), cmocka_unit_test(curl_stays_the_default),
    };
    const char *shared = getenv("LLMF_SHARED");
    char command[400];
    signal(SIGPIPE, SIG_IGN);
    snprintf(certs, sizeof certs, "build/tls-certs");
    snprintf(command, sizeof command, "sh tests/loopback/certs.sh %s", certs);
    if (system(command)) return 1;
    self = argv[0];
    if (argc > 2) {
        cut_resumed = argv[1][0] == '1';
        cut_way = argv[2][0] - '0';
        return cmocka_run_group_tests(cuts, NULL, NULL);
    }
    snprintf(corpus, sizeof corpus, "%s/corpora/tls/certs", shared && *shared ? shared : "../shared");
    if (access(corpus, R_OK)) corpus[0] = '\0';
    return cmocka_run_group_tests(tests, NULL, NULL);
}
