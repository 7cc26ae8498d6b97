/* http.h - reads one HTTP/1.x request, strictly: what a careful server would refuse is refused here, so that tests see it. */
#ifndef LOOPBACK_HTTP_H
#define LOOPBACK_HTTP_H
#include "mem.h"

enum { MAX_FIELDS = 128, MAX_HEAD = 64 << 10, MAX_BODY = 64 << 20 };
typedef struct { const char *name, *value; } field;
typedef struct {
    const char *method, *target;
    int minor;                      /* 1 for HTTP/1.1 */
    field f[MAX_FIELDS]; int nf;
    const char *body; size_t nbody;
    size_t total;                   /* bytes of the whole request in the input */
    int keep, expect;               /* expect: the client waits for 100 Continue */
    int bad_status; const char *why;/* set when the request is refused */
} request;

static const char *header(const request *r, const char *name) {
    for (int i = 0; i < r->nf; i++) if (same_word(r->f[i].name, strlen(r->f[i].name), name)) return r->f[i].value;
    return NULL;
}
static int refuse(request *r, int status, const char *why) { r->bad_status = status; r->why = why; return -1; }

static int is_token(char c) { return c > 32 && c < 127 && !strchr("()<>@,;:\\\"/[]?={}", c); }
static int is_value(char c) { return c == '\t' || ((unsigned char)c >= 32 && c != 127); }

static int read_request_line(arena *a, request *r, const char *s, size_t n) {
    const char *e = s + n, *m = s, *t;
    while (m < e && is_token(*m)) m++;
    if (m == s || m == e || *m != ' ') return refuse(r, 400, "bad method");
    for (t = m + 1; t < e && (unsigned char)*t > 32 && *t != 127; t++) {}
    if (t == m + 1 || e - t != 9 || memcmp(t, " HTTP/1.", 8) || (t[8] != '0' && t[8] != '1')) return refuse(r, 400, "bad request line");
    r->method = take_text(a, s, (size_t)(m - s));
    r->target = take_text(a, m + 1, (size_t)(t - m - 1));
    r->minor = t[8] - '0';
    return r->target[0] == '/' ? 0 : refuse(r, 400, "the target must begin with /");
}
static int read_field(arena *a, request *r, const char *s, size_t n) {
    size_t k = 0, v, e = n;
    while (k < n && is_token(s[k])) k++;
    if (!k || k == n || s[k] != ':') return refuse(r, 400, "bad header name");
    for (v = k + 1; v < n && (s[v] == ' ' || s[v] == '\t'); v++) {}
    while (e > v && (s[e - 1] == ' ' || s[e - 1] == '\t')) e--;
    for (size_t i = v; i < e; i++) if (!is_value(s[i])) return refuse(r, 400, "bad header value");
    if (r->nf == MAX_FIELDS) return refuse(r, 431, "too many headers");
    r->f[r->nf].name = take_text(a, s, k);
    r->f[r->nf++].value = take_text(a, s + v, e - v);
    return 0;
}
static int read_head(arena *a, request *r, const char *s, size_t n) {    /* n: up to and with the last line's CR LF */
    for (size_t at = 0, line = 0; at < n; line++) {
        const char *e = find(s + at, n - at, "\r\n");
        size_t k = (size_t)(e - (s + at));
        if (memchr(s + at, '\n', k) || memchr(s + at, '\r', k) || memchr(s + at, 0, k)) return refuse(r, 400, "stray CR, LF or NUL in the head");
        if ((line ? read_field(a, r, s + at, k) : read_request_line(a, r, s, k)) < 0) return -1;
        at += k + 2;
    }
    return 0;
}
static int count_of(const request *r, const char *name) {
    int k = 0;
    for (int i = 0; i < r->nf; i++) k += same_word(r->f[i].name, strlen(r->f[i].name), name);
    return k;
}
static int read_length(request *r, size_t *out) {
    const char *s = header(r, "content-length");
    *out = 0;
    if (!s) return 0;
    if (count_of(r, "content-length") > 1 || !*s) return refuse(r, 400, "Content-Length must be one number");
    for (; *s; s++) {
        if (!is_digit(*s)) return refuse(r, 400, "Content-Length must be a number");
        *out = *out * 10 + (size_t)(*s - '0');
        if (*out > MAX_BODY) return refuse(r, 413, "body too large");
    }
    return 0;
}
/* decodes a chunked body; 1 whole (*used bytes of input), 0 more is needed, -1 refused */
static int read_chunks(arena *a, request *r, const char *s, size_t n, size_t *used) {
    char *o = (char *)take(a, n + 1);
    size_t at = 0, got = 0;
    for (;;) {
        const char *e = find(s + at, n - at, "\r\n");
        size_t size = 0, digits = 0;
        if (!e) return 0;
        for (const char *p = s + at; p < e; p++, digits++) {
            int c = lower((unsigned char)*p), d = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
            if (d < 0 || digits > 7) return refuse(r, 400, "bad chunk size");
            size = size << 4 | (size_t)d;
        }
        if (!digits || size > MAX_BODY) return refuse(r, 400, "bad chunk size");
        at = (size_t)(e + 2 - s);
        if (n - at < size + 2) return 0;
        if (memcmp(s + at + size, "\r\n", 2)) return refuse(r, 400, size ? "a chunk is longer than its size" : "trailers are not taken");
        memcpy(o + got, s + at, size);
        got += size; at += size + 2;
        if (!size) { r->body = o; r->nbody = got; *used = at; o[got] = 0; return 1; }
    }
}
static int read_framing(arena *a, request *r, const char *s, size_t n) { /* s: what follows the head; 1 whole, 0 more, -1 refused */
    const char *te = header(r, "transfer-encoding"), *c = header(r, "connection");
    size_t used = 0, length;
    r->keep = c ? !same_word(c, strlen(c), "close") && (r->minor || same_word(c, strlen(c), "keep-alive")) : r->minor;
    r->expect = header(r, "expect") && same_word(header(r, "expect"), 12, "100-continue");
    if (r->minor && count_of(r, "host") != 1) return refuse(r, 400, "exactly one Host header is required");
    if (read_length(r, &length) < 0) return -1;
    if (te) {
        if (header(r, "content-length")) return refuse(r, 400, "Content-Length and Transfer-Encoding together");
        if (!same_word(te, strlen(te), "chunked")) return refuse(r, 501, "unknown Transfer-Encoding");
        int k = read_chunks(a, r, s, n, &used);
        if (k <= 0) return k;
    } else {
        if (n < length) return 0;
        r->body = take_text(a, s, length); r->nbody = length; used = length;
    }
    r->total += used;
    return 1;
}
/* 1: a whole request, r->total bytes of the input; 0: more is needed; -1: refused, see bad_status */
static int read_request(arena *a, request *r, const char *s, size_t n) {
    const char *end = find(s, n < MAX_HEAD ? n : MAX_HEAD, "\r\n\r\n");
    memset(r, 0, sizeof *r);
    r->method = r->target = r->body = "";
    if (!end) return n >= MAX_HEAD ? refuse(r, 431, "head too large") : 0;
    r->total = (size_t)(end + 4 - s);
    if (read_head(a, r, s, (size_t)(end + 2 - s)) < 0) return -1;
    return read_framing(a, r, s + r->total, n - r->total);
}

static const char *reason_of(int status) {
    static const struct { int status; const char *text; } rows[] = {
        { 200, "OK" }, { 307, "Temporary Redirect" }, { 400, "Bad Request" }, { 401, "Unauthorized" }, { 402, "Payment Required" },
        { 403, "Forbidden" }, { 404, "Not Found" }, { 405, "Method Not Allowed" }, { 408, "Request Timeout" }, { 409, "Conflict" },
        { 413, "Content Too Large" }, { 422, "Unprocessable Content" }, { 429, "Too Many Requests" }, { 431, "Request Header Fields Too Large" },
        { 500, "Internal Server Error" }, { 501, "Not Implemented" }, { 502, "Bad Gateway" }, { 503, "Service Unavailable" }, { 504, "Gateway Timeout" } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) if (rows[i].status == status) return rows[i].text;
    return "Status";
}
#endif
