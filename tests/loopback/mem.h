/* mem.h - memory of the test server: an arena per request, a growing buffer, and a small formatter that knows JSON strings.
 * Running out of memory ends the program: it is a test tool, a failed allocation here says nothing about the library. */
#ifndef LOOPBACK_MEM_H
#define LOOPBACK_MEM_H
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *grab(void *p, size_t n) {
    void *q = realloc(p, n ? n : 1);
    if (!q) { fprintf(stderr, "loopback: out of memory\n"); exit(1); }
    return q;
}

/* ---- arena: everything that lives as long as one request ------------------------------------------------------ */
typedef struct block { struct block *next; size_t used, cap; } block;
typedef struct { block *top; } arena;

static void *take(arena *a, size_t n) {
    block *b = a->top;
    n = (n + 15) & ~(size_t)15;
    if (!b || b->cap - b->used < n) {
        size_t cap = n > 8000 ? n : 8000;
        b = (block *)grab(NULL, sizeof *b + 16 + cap);
        b->next = a->top; b->used = 0; b->cap = cap;
        a->top = b;
    }
    char *base = (char *)(((uintptr_t)(b + 1) + 15) & ~(uintptr_t)15);
    b->used += n;
    return base + b->used - n;
}
static char *take_text(arena *a, const char *s, size_t n) {
    char *p = (char *)take(a, n + 1);
    if (n) memcpy(p, s, n);
    p[n] = 0;
    return p;
}
static void arena_free(arena *a) {
    while (a->top) { block *b = a->top; a->top = b->next; free(b); }
}

/* ---- growing buffer ------------------------------------------------------------------------------------------- */
typedef struct { char *p; size_t n, cap; int ascii; /* write non-ASCII in JSON strings as \uXXXX */ } buf;

static void room(buf *b, size_t n) {
    if (b->cap - b->n >= n) return;
    size_t cap = b->cap ? b->cap : 512;
    while (cap - b->n < n) cap *= 2;
    b->p = (char *)grab(b->p, cap);
    b->cap = cap;
}
static void put(buf *b, const char *s, size_t n) { if (!n) return; room(b, n); memcpy(b->p + b->n, s, n); b->n += n; }
static void put_char(buf *b, char c) { put(b, &c, 1); }
static void put_text(buf *b, const char *s) { put(b, s, strlen(s)); }
static const char *text_of(buf *b) { room(b, 1); b->p[b->n] = 0; return b->p; }
static void buf_free(buf *b) { free(b->p); memset(b, 0, sizeof *b); }

/* length of the UTF-8 sequence that starts with this byte; 0: no start */
static size_t utf8_length(unsigned char c) {
    return c < 0x80 ? 1 : c < 0xC2 ? 0 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : c < 0xF5 ? 4 : 0;
}
static void put_escaped(buf *b, const unsigned char *s, size_t n) {      /* one character as \uXXXX, a pair above U+FFFF */
    unsigned long c = n == 2 ? s[0] & 31u : n == 3 ? s[0] & 15u : s[0] & 7u;
    char t[48];
    for (size_t i = 1; i < n; i++) c = c << 6 | (s[i] & 63u);
    if (c < 0x10000) snprintf(t, sizeof t, "\\u%04lx", c);
    else snprintf(t, sizeof t, "\\u%04lx\\u%04lx", 0xD800 + ((c - 0x10000) >> 10), 0xDC00 + ((c - 0x10000) & 1023));
    put_text(b, t);
}
static void put_json(buf *b, const char *s, size_t n) {
    static const char named[] = "\b\f\n\r\t\"\\", letter[] = "bfnrt\"\\";
    put_char(b, '"');
    for (size_t i = 0; i < n;) {
        unsigned char c = (unsigned char)s[i];
        const char *at = c ? strchr(named, c) : NULL;
        size_t k = utf8_length(c);
        char t[16];
        if (at) { put_char(b, '\\'); put_char(b, letter[at - named]); i++; }
        else if (c < 0x20) { snprintf(t, sizeof t, "\\u%04x", c); put_text(b, t); i++; }
        else if (k > 1 && k <= n - i && b->ascii) { put_escaped(b, (const unsigned char *)s + i, k); i += k; }
        else { put_char(b, s[i]); i++; }
    }
    put_char(b, '"');
}

/* say: %s text, %q text as a JSON string, %v pointer+size_t raw, %j pointer+size_t as a JSON string, %d long, %% */
static void say_list(buf *b, const char *f, va_list ap) {
    for (; *f; f++) {
        if (*f != '%') { put_char(b, *f); continue; }
        f++;
        if (*f == 's') put_text(b, va_arg(ap, const char *));
        else if (*f == 'q') { const char *s = va_arg(ap, const char *); put_json(b, s, strlen(s)); }
        else if (*f == 'v') { const char *s = va_arg(ap, const char *); put(b, s, va_arg(ap, size_t)); }
        else if (*f == 'j') { const char *s = va_arg(ap, const char *); put_json(b, s, va_arg(ap, size_t)); }
        else if (*f == 'd') { char t[32]; snprintf(t, sizeof t, "%ld", va_arg(ap, long)); put_text(b, t); }
        else put_char(b, *f);
    }
}
static void say(buf *b, const char *f, ...) {
    va_list ap;
    va_start(ap, f);
    say_list(b, f, ap);
    va_end(ap);
}

/* ---- plain text ----------------------------------------------------------------------------------------------- */
static int lower(int c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; }
static int same_word(const char *a, size_t n, const char *b) {           /* equal but for letter case */
    size_t i = 0;
    while (i < n && b[i] && lower((unsigned char)a[i]) == lower((unsigned char)b[i])) i++;
    return i == n && !b[i];
}
static const char *find(const char *s, size_t n, const char *what) {
    size_t k = strlen(what);
    for (size_t i = 0; k <= n && i <= n - k; i++) if (!memcmp(s + i, what, k)) return s + i;
    return NULL;
}
static int is_space(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }
static int is_digit(char c) { return c >= '0' && c <= '9'; }
static long count_words(const char *s, size_t n) {
    long k = 0;
    for (size_t i = 0; i < n; i++) k += !is_space(s[i]) && (i == 0 || is_space(s[i - 1]));
    return k;
}
static uint64_t hash_of(const char *s, size_t n, uint64_t seed) {        /* FNV-1a */
    uint64_t h = 14695981039346656037u ^ seed;
    for (size_t i = 0; i < n; i++) h = (h ^ (unsigned char)s[i]) * 1099511628211u;
    return h;
}
#endif
