/* What a command-line program needs and a library must not have: memory that is given back at the end, whole files, output that dies loudly. */
#ifndef LLMF_TOOL_TEXT_H
#define LLMF_TOOL_TEXT_H
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../../llmfactory.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

static void die(const char *what, const char *name) {
    fprintf(stderr, "llmf: %s%s%s\n", what, name ? ": " : "", name ? name : "");
    exit(EXIT_USAGE);
}

static void *get_memory(void *old, size_t size) {
    void *p = realloc(old, size ? size : 1);
    if (!p) die("out of memory", NULL);
    return p;
}

typedef struct text {
    char *ptr;
    size_t len, cap;
} text;

static void text_add(text *t, const char *bytes, size_t len) {
    if (t->len + len + 1 > t->cap) {
        t->cap = (t->len + len + 1) * 2;
        t->ptr = (char *)get_memory(t->ptr, t->cap);
    }
    if (len) memcpy(t->ptr + t->len, bytes, len);
    t->len += len;
    t->ptr[t->len] = '\0';
}

static llmf_str view(const char *s) {
    llmf_str v;
    v.ptr = s;
    v.len = strlen(s);
    return v;
}

static bool is(llmf_str s, const char *word) {
    return s.len == strlen(word) && memcmp(s.ptr, word, s.len) == 0;
}

static bool read_all(FILE *f, text *t) {
    char block[65536];
    size_t n;
    text_add(t, "", 0);
    while ((n = fread(block, 1, sizeof block, f)) > 0) text_add(t, block, n);
    return !ferror(f);
}

static bool read_file(const char *path, text *t) {
    FILE *f = fopen(path, "rb");
    bool ok = f && read_all(f, t);
    if (f) fclose(f);
    return ok;
}

/* A copy that ends with NUL. */
static char *copy(llmf_str s) {
    char *to = (char *)get_memory(NULL, s.len + 1);
    if (s.len) memcpy(to, s.ptr, s.len);
    to[s.len] = '\0';
    return to;
}

/* ---- JSON out ---- */

static void put(FILE *f, llmf_str s) {
    fwrite(s.ptr, 1, s.len, f);
}

static void put_json(FILE *f, llmf_str s) {
    size_t i;
    fputc('"', f);
    for (i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c == '"' || c == '\\') fprintf(f, "\\%c", c);
        else if (c == '\n') fputs("\\n", f);
        else if (c < 0x20) fprintf(f, "\\u%04x", c);
        else fputc(c, f);
    }
    fputc('"', f);
}

/* JSON text on one line: white space between tokens is left out. */
static void put_line(FILE *f, llmf_str json) {
    size_t i;
    bool inside = false;
    for (i = 0; i < json.len; i++) {
        char c = json.ptr[i];
        if (inside && c == '\\' && i + 1 < json.len) fputc(json.ptr[i++], f);
        else if (c == '"') inside = !inside;
        else if (!inside && strchr(" \t\r\n", c)) continue;
        fputc(json.ptr[i], f);
    }
}

/* ,"name":"text" */
static void put_member(FILE *f, const char *name, llmf_str s) {
    fprintf(f, ",\"%s\":", name);
    put_json(f, s);
}

static void put_number(FILE *f, const char *name, int64_t n) {
    fprintf(f, ",\"%s\":%lld", name, (long long)n);
}

/* Pico-dollars as dollars, exact: at most twelve digits behind the point. */
static void put_usd(FILE *f, int64_t pico) {
    char digits[16];
    int n = 12;
    fprintf(f, "%lld", (long long)(pico / 1000000000000));
    sprintf(digits, "%012lld", (long long)(pico % 1000000000000));
    while (n > 0 && digits[n - 1] == '0') n--;
    if (n) fprintf(f, ".%.*s", n, digits);
}

/* ---- JSON in ---- */

/* A string value decoded; NULL if it is none. */
static char *json_text(llmf_str value, size_t *len) {
    size_t n = llmf_json_string(value, NULL, 0);
    char *to;
    if (n == LLMF_NOT_A_STRING) return NULL;
    to = (char *)get_memory(NULL, n + 1);
    llmf_json_string(value, to, n + 1);
    if (len) *len = n;
    return to;
}

static bool json_true(llmf_str value) {
    return is(value, "true");
}

/* Integers only, exact. */
static bool json_int(llmf_str value, int64_t *out) {
    uint64_t n = 0;
    size_t i = value.len && value.ptr[0] == '-' ? 1 : 0;
    bool minus = i == 1;
    if (i == value.len) return false;
    for (; i < value.len; i++) {
        unsigned digit = (unsigned)(value.ptr[i] - '0');
        if (digit > 9 || n > (UINT64_C(9223372036854775807) - digit) / 10) return false;
        n = n * 10 + digit;
    }
    *out = minus ? -(int64_t)n : (int64_t)n;
    return true;
}

/* Standard base64, white space skipped; false where it is none. */
static bool from_base64(const char *in, size_t len, text *out) {
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned bits = 0, held = 0;
    size_t i;
    text_add(out, "", 0);
    for (i = 0; i < len && in[i] != '='; i++) {
        const char *at = in[i] ? strchr(letters, in[i]) : NULL;
        char byte;
        if (in[i] == '\n' || in[i] == '\r' || in[i] == ' ') continue;
        if (!at) return false;
        held = (held << 6 | (unsigned)(at - letters)) & 0xffffffu;
        bits += 6;
        if (bits < 8) continue;
        bits -= 8;
        byte = (char)(held >> bits & 0xff);
        text_add(out, &byte, 1);
    }
    return true;
}

#endif
