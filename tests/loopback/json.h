/* json.h - a strict JSON reader (RFC 8259) of the test server's own: it must not share a mistake with the library's.
 * Refused: anything after the value, duplicate keys, invalid UTF-8, lone surrogates, raw control characters, depth over 100. */
#ifndef LOOPBACK_JSON_H
#define LOOPBACK_JSON_H
#include "mem.h"

enum { J_NULL, J_BOOL, J_NUMBER, J_STRING, J_ARRAY, J_OBJECT };
typedef struct json json;
struct json {
    int kind, on;                 /* on: the value of a bool                         */
    const char *key; size_t nkey; /* member name, inside an object                   */
    const char *s; size_t n;      /* decoded string, ends with an extra 0            */
    double number;
    const char *raw; size_t nraw; /* the value's own bytes                           */
    json *first, *next;           /* first child; next sibling                       */
    size_t count;
};
typedef struct { arena *a; const char *start, *p, *end, *why; } json_reader;

static json *json_value(json_reader *r, int depth);

static void json_space(json_reader *r) { while (r->p < r->end && is_space(*r->p)) r->p++; }
static json *json_bad(json_reader *r, const char *why) { if (!r->why) r->why = why; return NULL; }

static int json_hex4(json_reader *r, unsigned long *out) {
    *out = 0;
    if (r->end - r->p < 4) return 0;
    for (int i = 0; i < 4; i++) {
        int c = lower((unsigned char)*r->p++), d = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (d < 0) return 0;
        *out = *out << 4 | (unsigned long)d;
    }
    return 1;
}
static size_t json_utf8(char *o, unsigned long c) {
    if (c < 0x80) { o[0] = (char)c; return 1; }
    if (c < 0x800) { o[0] = (char)(0xC0 | c >> 6); o[1] = (char)(0x80 | (c & 63)); return 2; }
    if (c < 0x10000) { o[0] = (char)(0xE0 | c >> 12); o[1] = (char)(0x80 | (c >> 6 & 63)); o[2] = (char)(0x80 | (c & 63)); return 3; }
    o[0] = (char)(0xF0 | c >> 18); o[1] = (char)(0x80 | (c >> 12 & 63)); o[2] = (char)(0x80 | (c >> 6 & 63)); o[3] = (char)(0x80 | (c & 63));
    return 4;
}
/* after the backslash; writes at most 4 bytes; 0: bad */
static size_t json_escape(json_reader *r, char *o) {
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    if (r->p >= r->end || !*r->p) return 0;
    char c = *r->p++;
    const char *at = strchr(from, c);
    unsigned long u, v;
    if (at) { *o = to[at - from]; return 1; }
    if (c != 'u' || !json_hex4(r, &u) || (u >= 0xDC00 && u < 0xE000)) return 0;
    if (u >= 0xD800 && u < 0xDC00) {
        if (r->end - r->p < 6 || r->p[0] != '\\' || r->p[1] != 'u') return 0;
        r->p += 2;
        if (!json_hex4(r, &v) || v < 0xDC00 || v > 0xDFFF) return 0;
        u = 0x10000 + ((u - 0xD800) << 10) + (v - 0xDC00);
    }
    return json_utf8(o, u);
}
/* length of the valid UTF-8 sequence at p, 0 if there is none (overlong, surrogate, cut) */
static size_t json_sequence(const unsigned char *p, size_t left) {
    size_t k = utf8_length(p[0]);
    if (!k || k > left) return 0;
    for (size_t i = 1; i < k; i++) if ((p[i] & 0xC0) != 0x80) return 0;
    if (p[0] == 0xE0 && p[1] < 0xA0) return 0;
    if (p[0] == 0xED && p[1] > 0x9F) return 0;
    if (p[0] == 0xF0 && p[1] < 0x90) return 0;
    if (p[0] == 0xF4 && p[1] > 0x8F) return 0;
    return k;
}
static int json_string(json_reader *r, const char **s, size_t *n) {
    const char *q = r->p + 1;
    while (q < r->end && *q != '"') q += *q == '\\' ? 2 : 1;
    if (q >= r->end) { json_bad(r, "unterminated string"); return 0; }
    char *o = (char *)take(r->a, (size_t)(q - r->p) + 4), *at = o;
    r->p++;
    while (*r->p != '"') {
        size_t k;
        if (*r->p == '\\') { r->p++; k = json_escape(r, at); if (!k) { json_bad(r, "bad escape in a string"); return 0; } at += k; continue; }
        if ((unsigned char)*r->p < 0x20) { json_bad(r, "control character in a string"); return 0; }
        k = json_sequence((const unsigned char *)r->p, (size_t)(r->end - r->p));
        if (!k) { json_bad(r, "invalid UTF-8"); return 0; }
        memcpy(at, r->p, k); at += k; r->p += k;
    }
    r->p++;
    *at = 0; *s = o; *n = (size_t)(at - o);
    return 1;
}
static int json_digits(json_reader *r) { const char *s = r->p; while (r->p < r->end && is_digit(*r->p)) r->p++; return r->p > s; }
static int json_number(json_reader *r, double *out) {
    const char *s = r->p;
    char t[64];
    if (*r->p == '-') r->p++;
    const char *whole = r->p;
    if (!json_digits(r) || (*whole == '0' && r->p - whole > 1)) return 0;
    if (r->p < r->end && *r->p == '.') { r->p++; if (!json_digits(r)) return 0; }
    if (r->p < r->end && (*r->p | 32) == 'e') {
        r->p++;
        if (r->p < r->end && (*r->p == '+' || *r->p == '-')) r->p++;
        if (!json_digits(r)) return 0;
    }
    size_t n = (size_t)(r->p - s);
    if (n >= sizeof t) return 0;
    memcpy(t, s, n); t[n] = 0;
    *out = strtod(t, NULL);
    return 1;
}
static json *json_get(const json *o, const char *key) {
    if (!o || o->kind != J_OBJECT) return NULL;
    for (json *c = o->first; c; c = c->next) if (c->nkey == strlen(key) && !memcmp(c->key, key, c->nkey)) return c;
    return NULL;
}
static int json_has_key(const json *o, const char *key, size_t n) {
    for (const json *c = o->first; c; c = c->next) if (c->nkey == n && !memcmp(c->key, key, n)) return 1;
    return 0;
}
/* the children of an array or object, up to its closing bracket */
static json *json_children(json_reader *r, json *v, char close, int depth) {
    json **tail = &v->first;
    r->p++;
    json_space(r);
    if (r->p < r->end && *r->p == close) { r->p++; return v; }
    for (;;) {
        const char *key = NULL; size_t nkey = 0;
        json_space(r);
        if (close == '}') {
            if (r->p >= r->end || *r->p != '"') return json_bad(r, "a member name must come here");
            if (!json_string(r, &key, &nkey)) return NULL;
            if (json_has_key(v, key, nkey)) return json_bad(r, "duplicate member name");
            json_space(r);
            if (r->p >= r->end || *r->p != ':') return json_bad(r, "':' must come here");
            r->p++;
        }
        json *c = json_value(r, depth + 1);
        if (!c) return NULL;
        c->key = key; c->nkey = nkey;
        *tail = c; tail = &c->next; v->count++;
        json_space(r);
        if (r->p < r->end && *r->p == close) { r->p++; return v; }
        if (r->p >= r->end || *r->p != ',') return json_bad(r, "',' or the end must come here");
        r->p++;
    }
}
static int json_word(json_reader *r, const char *w) {
    size_t n = strlen(w);
    if ((size_t)(r->end - r->p) < n || memcmp(r->p, w, n)) return 0;
    r->p += n;
    return 1;
}
static json *json_value(json_reader *r, int depth) {
    json *v = (json *)take(r->a, sizeof *v);
    memset(v, 0, sizeof *v);
    json_space(r);
    if (depth > 100) return json_bad(r, "too deep");
    if (r->p >= r->end) return json_bad(r, "unexpected end");
    v->raw = r->p;
    switch (*r->p) {
    case '{': v->kind = J_OBJECT; if (!json_children(r, v, '}', depth)) return NULL; break;
    case '[': v->kind = J_ARRAY; if (!json_children(r, v, ']', depth)) return NULL; break;
    case '"': v->kind = J_STRING; if (!json_string(r, &v->s, &v->n)) return NULL; break;
    case 't': v->kind = J_BOOL; v->on = 1; if (!json_word(r, "true")) return json_bad(r, "bad word"); break;
    case 'f': v->kind = J_BOOL; if (!json_word(r, "false")) return json_bad(r, "bad word"); break;
    case 'n': if (!json_word(r, "null")) return json_bad(r, "bad word"); break;
    default:
        v->kind = J_NUMBER;
        if (!json_number(r, &v->number)) return json_bad(r, "bad number or unexpected character");
    }
    v->nraw = (size_t)(r->p - v->raw);
    return v;
}
/* one value at the start of the text; *used: its length with the space before it */
static json *json_prefix(arena *a, const char *s, size_t n, size_t *used) {
    json_reader r = { a, s, s, s + n, NULL };
    json *v = json_value(&r, 0);
    *used = (size_t)(r.p - s);
    return v;
}
/* the whole text is one value, else NULL with *why and *where (byte) */
static json *json_parse(arena *a, const char *s, size_t n, const char **why, size_t *where) {
    json_reader r = { a, s, s, s + n, NULL };
    json *v = json_value(&r, 0);
    json_space(&r);
    if (v && r.p != r.end) v = json_bad(&r, "something follows the value");
    *why = r.why; *where = (size_t)(r.p - s);
    return v;
}

/* ---- short questions ------------------------------------------------------------------------------------------ */
static int is_kind(const json *v, int kind) { return v && v->kind == kind; }
static int is_text(const json *v, const char *s) { return is_kind(v, J_STRING) && v->n == strlen(s) && !memcmp(v->s, s, v->n); }
static int is_true(const json *v) { return is_kind(v, J_BOOL) && v->on; }
static int is_null(const json *v) { return !v || v->kind == J_NULL; }
static int is_whole(const json *v) { return is_kind(v, J_NUMBER) && !memchr(v->raw, '.', v->nraw) && !memchr(v->raw, 'e', v->nraw) && !memchr(v->raw, 'E', v->nraw); }
static const char *json_text(const json *v, const char *otherwise) { return is_kind(v, J_STRING) ? v->s : otherwise; }
#endif
