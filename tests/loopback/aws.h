/* aws.h - what AWS does with a request before a service sees it: checks its signature ("Signature Version 4"), written apart from the library on purpose; and the
 * frames of its event streams. Known keys: AKIDEXAMPLE, and ASIAEXAMPLE with the session token "session"; one secret for both. */
#ifndef LOOPBACK_AWS_H
#define LOOPBACK_AWS_H
#include <time.h>
#include "exchange.h"

#define AWS_SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

/* ---- SHA-256 and HMAC of whole texts -------------------------------------------------------------------------- */
static const uint32_t aws_rounds[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2 };
static uint32_t aws_turn(uint32_t x, int n) { return x >> n | x << (32 - n); }
static void aws_sha256(const char *s, size_t n, unsigned char out[32]) {
    uint32_t h[8] = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 };
    buf all = { 0 };
    put(&all, s, n);
    put_char(&all, (char)0x80);
    while (all.n % 64 != 56) put_char(&all, 0);
    for (int i = 56; i >= 0; i -= 8) put_char(&all, (char)((uint64_t)n * 8 >> i));
    for (size_t at = 0; at < all.n; at += 64) {
        uint32_t w[64], v[8];
        const unsigned char *p = (const unsigned char *)all.p + at;
        for (int i = 0; i < 16; i++) w[i] = (uint32_t)p[4 * i] << 24 | (uint32_t)p[4 * i + 1] << 16 | (uint32_t)p[4 * i + 2] << 8 | p[4 * i + 3];
        for (int i = 16; i < 64; i++)
            w[i] = w[i - 16] + (aws_turn(w[i - 15], 7) ^ aws_turn(w[i - 15], 18) ^ w[i - 15] >> 3) + w[i - 7] + (aws_turn(w[i - 2], 17) ^ aws_turn(w[i - 2], 19) ^ w[i - 2] >> 10);
        memcpy(v, h, sizeof v);
        for (int i = 0; i < 64; i++) {
            uint32_t t = v[7] + (aws_turn(v[4], 6) ^ aws_turn(v[4], 11) ^ aws_turn(v[4], 25)) + ((v[4] & v[5]) ^ (~v[4] & v[6])) + aws_rounds[i] + w[i];
            uint32_t u = (aws_turn(v[0], 2) ^ aws_turn(v[0], 13) ^ aws_turn(v[0], 22)) + ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
            memmove(v + 1, v, 7 * sizeof *v);
            v[4] += t;
            v[0] = t + u;
        }
        for (int i = 0; i < 8; i++) h[i] += v[i];
    }
    for (int i = 0; i < 32; i++) out[i] = (unsigned char)(h[i / 4] >> (24 - 8 * (i % 4)));
    buf_free(&all);
}
static void aws_hmac(const void *key, size_t nkey, const char *s, size_t n, unsigned char out[32]) {
    unsigned char pad[64] = { 0 };
    buf inner = { 0 }, outer = { 0 };
    memcpy(pad, key, nkey);                                              /* no key here is longer than a block */
    for (int i = 0; i < 64; i++) { put_char(&inner, (char)(pad[i] ^ 0x36)); put_char(&outer, (char)(pad[i] ^ 0x5c)); }
    put(&inner, s, n);
    aws_sha256(inner.p, inner.n, out);
    put(&outer, (const char *)out, 32);
    aws_sha256(outer.p, outer.n, out);
    buf_free(&inner); buf_free(&outer);
}
static void aws_hex(buf *o, const unsigned char *b) {
    for (int i = 0; i < 32; i++) { put_char(o, "0123456789abcdef"[b[i] >> 4]); put_char(o, "0123456789abcdef"[b[i] & 15]); }
}

/* ---- the signature -------------------------------------------------------------------------------------------- */
/* the value of NAME= in Authorization */
static int aws_part(const char *all, const char *name, const char **s, size_t *n) {
    const char *at = strstr(all, name);
    if (!at) return 0;
    *s = at + strlen(name);
    *n = strcspn(*s, ", ");
    return 1;
}
/* each part of Credential=ID/DATE/REGION/SERVICE/aws4_request */
static int aws_credential(exchange *x, const char *s, size_t n, char *part[5]) {
    for (int i = 0; i < 5; i++) {
        size_t k = 0;
        while (k < n && s[k] != '/') k++;
        part[i] = take_text(&x->mem, s, k);
        if (i < 4 && k == n) return 0;
        s += k + (i < 4); n -= k + (i < 4);
    }
    return !n && !strcmp(part[4], "aws4_request");
}
/* the path as it was sent, encoded once more */
static void aws_path(const char *target, buf *o) {
    for (const char *s = target; *s && *s != '?'; s++) {
        int c = lower((unsigned char)*s);
        if ((c >= 'a' && c <= 'z') || is_digit(*s) || strchr("-._~/", *s)) put_char(o, *s);
        else { char t[4]; snprintf(t, sizeof t, "%%%02X", (unsigned char)*s); put_text(o, t); }
    }
}
/* the headers that were signed, in the order in which they are named; 0: one is missing */
static int aws_headers(exchange *x, const char *names, size_t n, buf *o) {
    while (n) {
        size_t k = 0;
        while (k < n && names[k] != ';') k++;
        const char *name = take_text(&x->mem, names, k), *value = header(&x->req, name);
        if (!value) return 0;
        say(o, "%s:%s\n", name, value);
        k += k < n;
        names += k; n -= k;
    }
    return 1;
}
static void aws_signature(char *part[5], const char *date, const buf *canonical, buf *o) {
    unsigned char digest[32], key[64] = "AWS4" AWS_SECRET;
    buf to_sign = { 0 };
    say(&to_sign, "AWS4-HMAC-SHA256\n%s\n%s/%s/%s/aws4_request\n", date, part[1], part[2], part[3]);
    aws_sha256(canonical->p, canonical->n, digest);
    aws_hex(&to_sign, digest);
    aws_hmac(key, strlen("AWS4" AWS_SECRET), part[1], strlen(part[1]), key);
    for (int i = 2; i < 5; i++) aws_hmac(key, 32, part[i], strlen(part[i]), key);
    aws_hmac(key, 32, to_sign.p, to_sign.n, digest);
    aws_hex(o, digest);
    buf_free(&to_sign);
}
static int aws_fresh(const char *date) {                                 /* within five minutes of now */
    time_t now = time(NULL), at[2];
    char text[2][24];
    struct tm t;
    for (int i = 0; i < 2; i++) {
        at[i] = now + (i ? 300 : -300);
        if (!gmtime_r(&at[i], &t)) return 0;
        strftime(text[i], sizeof text[i], "%Y%m%dT%H%M%SZ", &t);
    }
    return strlen(date) == 16 && strcmp(text[0], date) <= 0 && strcmp(date, text[1]) <= 0;
}
/* 0: an error was written. service: what the scope must name */
static int aws_auth(exchange *x, const char *service) {
    const char *all = header(&x->req, "authorization"), *date = header(&x->req, "x-amz-date"), *token = header(&x->req, "x-amz-security-token"), *query = strchr(x->req.target, '?');
    const char *who, *names, *signature;
    size_t nwho, nnames, nsignature;
    char *part[5];
    unsigned char digest[32];
    buf canonical = { 0 }, right = { 0 };
    if (!all || strncmp(all, "AWS4-HMAC-SHA256 ", 17)) return fail(x, 403, NULL, "MissingAuthenticationTokenException", "Missing Authentication Token");
    if (!aws_part(all, "Credential=", &who, &nwho) || !aws_part(all, "SignedHeaders=", &names, &nnames) || !aws_part(all, "Signature=", &signature, &nsignature) || !date || !aws_credential(x, who, nwho, part))
        return fail(x, 403, NULL, "IncompleteSignatureException", "Authorization header requires 'Credential', 'Signature', 'SignedHeaders' parameters and X-Amz-Date");
    if (strcmp(part[0], "AKIDEXAMPLE") && !(token && !strcmp(part[0], "ASIAEXAMPLE") && !strcmp(token, "session")))
        return fail(x, 403, NULL, "UnrecognizedClientException", "The security token included in the request is invalid.");
    if (strcmp(part[3], service) || strncmp(part[1], date, 8)) return fail(x, 403, NULL, "InvalidSignatureException", "Credential should be scoped to correct service: '%s'.", service);
    if (!aws_fresh(date)) return fail(x, 403, NULL, "InvalidSignatureException", "Signature not yet current or expired: %s", date);
    if (!find(names, nnames, "host") || !find(names, nnames, "x-amz-date") || (token && !find(names, nnames, "x-amz-security-token")))
        return fail(x, 403, NULL, "InvalidSignatureException", "'Host' and every 'X-Amz-' header must be signed.");
    say(&canonical, "%s\n", x->req.method);
    aws_path(x->req.target, &canonical);
    say(&canonical, "\n%s\n", query ? query + 1 : "");
    int good = aws_headers(x, names, nnames, &canonical);
    say(&canonical, "\n%v\n", names, nnames);
    aws_sha256(x->req.body ? x->req.body : "", x->req.nbody, digest);
    aws_hex(&canonical, digest);
    aws_signature(part, date, &canonical, &right);
    good = good && right.n == nsignature && !memcmp(right.p, signature, nsignature);
    if (!good) fail(x, 403, NULL, "InvalidSignatureException", "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. "
        "The Canonical String for this request should have been '%s'", text_of(&canonical));
    buf_free(&canonical); buf_free(&right);
    return good;
}

/* ---- event streams -------------------------------------------------------------------------------------------- */
static void aws_u32(buf *o, size_t v) { for (int i = 24; i >= 0; i -= 8) put_char(o, (char)(v >> i)); }
static void aws_crc(buf *o, size_t from) {                               /* of all behind `from` */
    uint32_t crc = 0xffffffff;
    for (size_t i = from; i < o->n; i++) {
        crc ^= (unsigned char)o->p[i];
        for (int k = 0; k < 8; k++) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    aws_u32(o, ~crc);
}
static void aws_header(buf *o, const char *name, const char *value) {
    put_char(o, (char)strlen(name));
    put_text(o, name);
    put_char(o, 7);
    put_char(o, 0);
    put_char(o, (char)strlen(value));
    put_text(o, value);
}
/* one frame: `kind` is event or exception */
static void aws_frame(exchange *x, const char *kind, const char *type, const buf *payload) {
    buf *o = &x->reply.body, h = { 0 };
    size_t from = o->n;
    aws_header(&h, *kind == 'e' && kind[1] == 'v' ? ":event-type" : ":exception-type", type);
    aws_header(&h, ":content-type", "application/json");
    aws_header(&h, ":message-type", kind);
    aws_u32(o, 16 + h.n + payload->n);
    aws_u32(o, h.n);
    aws_crc(o, from);
    put(o, h.p, h.n);
    put(o, payload->p, payload->n);
    aws_crc(o, from);
    event_end(x);
    buf_free(&h);
}

/* ---- where keys are asked for --------------------------------------------------------------------------------- */
#define AWS_ROLES "/latest/meta-data/iam/security-credentials/"
static void aws_page(exchange *x, int good, int status, const char *text) {
    start_reply(x, good ? 200 : status, "text/plain");
    put_text(&x->reply.body, good ? text : "refused by the test server");
}
static const char aws_keys[] = "{\"Code\" : \"Success\", \"AccessKeyId\" : \"ASIAEXAMPLE\", \"SecretAccessKey\" : \"" AWS_SECRET "\", \"Token\" : \"session\", \"Expiration\" : \"2099-01-01T00:00:00Z\"}";
static int aws_token(exchange *x) { const char *t = header(&x->req, "x-aws-ec2-metadata-token"); return t && !strcmp(t, "loopback-token"); }
static void aws_page_token(exchange *x) { aws_page(x, header(&x->req, "x-aws-ec2-metadata-token-ttl-seconds") != NULL, 400, "loopback-token"); }
static void aws_page_role(exchange *x) { aws_page(x, aws_token(x), 401, "loopback-role\n"); }
static void aws_page_keys(exchange *x) { aws_page(x, aws_token(x), 401, aws_keys); }
static void aws_page_container(exchange *x) { const char *t = header(&x->req, "authorization"); aws_page(x, t && !strcmp(t, "loopback container"), 403, aws_keys); }
#endif
