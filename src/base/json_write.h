/* The JSON writer: cannot produce bad JSON. A plain copyable struct over llmfi_out; whoever uses it wrongly gets `bad`, and from
   then on nothing is written, so looking once, at the end, is enough (llmfi_jw_done). */
#ifndef LLMFI_BASE_JSON_WRITE_H
#define LLMFI_BASE_JSON_WRITE_H
#include "json.h"

typedef struct llmfi_jw {
    llmfi_out *out;
    uint32_t depth;
    uint64_t objects[(LLMF_MAX_DEPTH + 63) / 64]; /* a bit for each level: set in an object */
    bool comma;                              /* something stands before the next one at this level */
    bool keyed;                              /* a key waits for its value */
    bool text;                               /* between llmfi_jw_str_begin and _end */
    bool bad;                                /* used wrongly: nothing more is written */
    llmfi_utf8 utf8;                         /* of text that comes in pieces */
} llmfi_jw;

LLMFI_UNUSED static void llmfi_jw_init(llmfi_jw *w, llmfi_out *out) {
    memset(w, 0, sizeof *w);
    w->out = out;
}

static bool llmfi_jw_in_object(const llmfi_jw *w) {
    return w->depth && (w->objects[(w->depth - 1) / 64] >> ((w->depth - 1) % 64) & 1);
}

/* One value is complete, and nothing is open. */
LLMFI_UNUSED static bool llmfi_jw_done(const llmfi_jw *w) {
    return !w->bad && !w->text && w->depth == 0 && w->comma;
}

/* Before a value: the comma where one is needed. False when no value may stand here. */
static bool llmfi_jw_value(llmfi_jw *w) {
    if (w->bad || w->text || (llmfi_jw_in_object(w) ? !w->keyed : !w->depth && w->comma)) {
        w->bad = true;
        return false;
    }
    if (w->comma && !w->keyed) llmfi_put_fast(w->out, ",", 1);
    w->keyed = false;
    w->comma = true;
    return true;
}

static void llmfi_jw_open(llmfi_jw *w, bool object) {
    uint64_t bit = UINT64_C(1) << (w->depth % 64);
    if (w->depth == LLMF_MAX_DEPTH) w->bad = true;
    if (!llmfi_jw_value(w)) return;
    if (object) w->objects[w->depth / 64] |= bit;
    else w->objects[w->depth / 64] &= ~bit;
    w->depth++;
    w->comma = false;
    llmfi_put_fast(w->out, object ? "{" : "[", 1);
}

static void llmfi_jw_close(llmfi_jw *w, bool object) {
    if (!w->depth || w->text || w->keyed || llmfi_jw_in_object(w) != object) w->bad = true;
    if (w->bad) return;
    w->depth--;
    w->comma = true;
    llmfi_put_fast(w->out, object ? "}" : "]", 1);
}

LLMFI_UNUSED static void llmfi_jw_object(llmfi_jw *w) {
    llmfi_jw_open(w, true);
}

LLMFI_UNUSED static void llmfi_jw_object_end(llmfi_jw *w) {
    llmfi_jw_close(w, true);
}

LLMFI_UNUSED static void llmfi_jw_array(llmfi_jw *w) {
    llmfi_jw_open(w, false);
}

LLMFI_UNUSED static void llmfi_jw_array_end(llmfi_jw *w) {
    llmfi_jw_close(w, false);
}

/* False when no key may stand here. */
static bool llmfi_jw_may_key(llmfi_jw *w) {
    if (!llmfi_jw_in_object(w) || w->keyed || w->text) w->bad = true;
    return !w->bad;
}

/* Writes text escaped and cleaned, without quotes; a character cut at its end waits in `u`. */
static void llmfi_jw_escape(llmfi_out *o, llmfi_utf8 *u, llmf_str s) {
    static const char hex[] = "0123456789abcdef";
    const char *p = s.ptr, *end = s.ptr + s.len, *stop;
    while (p < end) {
        uint64_t wide = 0;
        unsigned char c;
        char text[6];
        stop = llmfi_json_scan(p, end, &wide);
        if (wide || u->count) {
            llmfi_utf8_feed(u, llmfi_range(p, stop), o);
            if (stop < end) llmfi_utf8_end(u, o);
        } else {
            llmfi_put(o, p, (size_t)(stop - p));
        }
        if (stop == end) return;
        c = (unsigned char)*stop;
        p = stop + 1;
        memcpy(text, "\\u00", 4);
        text[1] = (char)(c >= 0x20 ? c : c == '\n' ? 'n' : c == '\t' ? 't' : c == '\r' ? 'r' : c == '\b' ? 'b' : c == '\f' ? 'f' : 'u');
        text[4] = hex[c >> 4];
        text[5] = hex[c & 15];
        llmfi_put(o, text, text[1] == 'u' ? 6 : 2);
    }
}

#if !LLMFI_SMALL
/* Text without anything to escape or to check goes into the window as it is. False: nothing was written. */
static bool llmfi_jw_quoted_plain(llmfi_out *o, llmf_str s) {
    uint64_t wide = 0;
    char *to = o->ptr ? o->ptr + o->len : NULL;
    if (o->tap || o->skip || !o->ptr || s.len > (size_t)-1 / 4 || s.len + 2 >= o->cap - o->len) return false;
    if (llmfi_json_scan(s.ptr, s.ptr + s.len, &wide) != s.ptr + s.len || wide) return false;
    to[0] = '"';
    if (s.len) memcpy(to + 1, s.ptr, s.len);
    to[s.len + 1] = '"';
    o->len += s.len + 2;
    o->total += s.len + 2;
    return true;
}
#endif

static void llmfi_jw_quoted(llmfi_jw *w, llmf_str s) {
    llmfi_utf8 u;
#if !LLMFI_SMALL
    if (llmfi_jw_quoted_plain(w->out, s)) return;
#endif
    memset(&u, 0, sizeof u);
    LLMFI_PUT(w->out, "\"");
    llmfi_jw_escape(w->out, &u, s);
    llmfi_utf8_end(&u, w->out);
    LLMFI_PUT(w->out, "\"");
}

/* Any key. */
LLMFI_UNUSED static void llmfi_jw_key_str(llmfi_jw *w, llmf_str key) {
    if (!llmfi_jw_may_key(w)) return;
    if (w->comma) LLMFI_PUT(w->out, ",");
    llmfi_jw_quoted(w, key);
    LLMFI_PUT(w->out, ":");
    w->keyed = w->comma = true;
}

/* A string; bad UTF-8 becomes U+FFFD. */
LLMFI_UNUSED static void llmfi_jw_str(llmfi_jw *w, llmf_str s) {
    if (llmfi_jw_value(w)) llmfi_jw_quoted(w, s);
}

#if LLMFI_SMALL
/* Keys and strings that are literals. */
LLMFI_UNUSED static LLMFI_COLD void llmfi_jw_key(llmfi_jw *w, const char *key) {
    llmfi_jw_key_str(w, llmfi_cstr(key));
}
LLMFI_UNUSED static LLMFI_COLD void llmfi_jw_lit(llmfi_jw *w, const char *text) {
    llmfi_jw_str(w, llmfi_cstr(text));
}
#else
/* The same of literals without anything to escape, with the quotes that the macros put around them. `quoted` is ,"key": of which the comma is left off
   in front. */
LLMFI_UNUSED static void llmfi_jw_key_quoted(llmfi_jw *w, const char *quoted, size_t len) {
    size_t from = !w->comma;
    if (!llmfi_jw_may_key(w)) return;
    llmfi_put_fast(w->out, quoted + from, len - from);
    w->keyed = w->comma = true;
}
LLMFI_UNUSED static void llmfi_jw_lit_quoted(llmfi_jw *w, const char *quoted, size_t len) {
    if (llmfi_jw_value(w)) llmfi_put(w->out, quoted, len);
}
#define llmfi_jw_key(w, lit) llmfi_jw_key_quoted((w), ",\"" lit "\":", sizeof(",\"" lit "\":") - 1)
#define llmfi_jw_lit(w, lit) llmfi_jw_lit_quoted((w), "\"" lit "\"", sizeof("\"" lit "\"") - 1)
#endif

/* A string in pieces, cut anywhere. */
LLMFI_UNUSED static void llmfi_jw_str_begin(llmfi_jw *w) {
    if (!llmfi_jw_value(w)) return;
    w->text = true;
    memset(&w->utf8, 0, sizeof w->utf8);
    LLMFI_PUT(w->out, "\"");
}

LLMFI_UNUSED static void llmfi_jw_str_piece(llmfi_jw *w, llmf_str piece) {
    if (!w->text) w->bad = true;
    if (!w->bad) llmfi_jw_escape(w->out, &w->utf8, piece);
}

LLMFI_UNUSED static void llmfi_jw_str_end(llmfi_jw *w) {
    if (!w->text) w->bad = true;
    if (w->bad) return;
    w->text = false;
    llmfi_utf8_end(&w->utf8, w->out);
    LLMFI_PUT(w->out, "\"");
}

/* A string of `prefix`, then `len` bytes of data as base64. */
LLMFI_UNUSED static void llmfi_jw_base64_string(llmfi_jw *w, llmf_str prefix, const void *data, size_t len) {
    llmfi_jw_str_begin(w);
    llmfi_jw_str_piece(w, prefix);
    if (!w->bad) {
        llmfi_utf8_end(&w->utf8, w->out);
        llmfi_put_base64(w->out, data, len);
    }
    llmfi_jw_str_end(w);
}

LLMFI_UNUSED static void llmfi_jw_int(llmfi_jw *w, int64_t value) {
    if (llmfi_jw_value(w)) llmfi_put_int(w->out, value);
}

/* An infinity or NaN, which JSON cannot say, is misuse. */
LLMFI_UNUSED static void llmfi_jw_double(llmfi_jw *w, double value) {
    char text[LLMFI_DOUBLE_TEXT];
    size_t len = llmfi_print_double(text, value);
    if (!len) w->bad = true;
    if (llmfi_jw_value(w)) llmfi_put(w->out, text, len);
}

LLMFI_UNUSED static void llmfi_jw_bool(llmfi_jw *w, bool value) {
    if (llmfi_jw_value(w)) llmfi_put_str(w->out, value ? LLMFI_LIT("true") : LLMFI_LIT("false"));
}

LLMFI_UNUSED static void llmfi_jw_null(llmfi_jw *w) {
    if (llmfi_jw_value(w)) LLMFI_PUT(w->out, "null");
}

/* One value as it stands: only text that llmfi_json_valid has passed, or that this writer made. */
LLMFI_UNUSED static void llmfi_jw_raw(llmfi_jw *w, llmf_str json) {
    if (!json.len) w->bad = true;
    if (llmfi_jw_value(w)) llmfi_put_str(w->out, json);
}

/* Members of an object, key and value at once; the key is a literal. */
#if LLMFI_SMALL
LLMFI_UNUSED static LLMFI_COLD void llmfi_jw_member_str(llmfi_jw *w, const char *key, llmf_str s) {
    llmfi_jw_key(w, key);
    llmfi_jw_str(w, s);
}
LLMFI_UNUSED static LLMFI_COLD void llmfi_jw_member_cstr(llmfi_jw *w, const char *key, const char *text) {
    llmfi_jw_member_str(w, key, llmfi_cstr(text));
}
#define llmfi_jw_member_lit llmfi_jw_member_cstr
LLMFI_UNUSED static LLMFI_COLD void llmfi_jw_member_int(llmfi_jw *w, const char *key, int64_t value) {
    llmfi_jw_key(w, key);
    llmfi_jw_int(w, value);
}
LLMFI_UNUSED static LLMFI_COLD void llmfi_jw_member_bool(llmfi_jw *w, const char *key, bool value) {
    llmfi_jw_key(w, key);
    llmfi_jw_bool(w, value);
}
#else
#define llmfi_jw_member_str(w, lit, s) (llmfi_jw_key((w), lit), llmfi_jw_str((w), (s)))
#define llmfi_jw_member_cstr(w, lit, text) llmfi_jw_member_str((w), lit, llmfi_cstr(text))
#define llmfi_jw_member_lit(w, lit, text) (llmfi_jw_key((w), lit), llmfi_jw_lit((w), text))
#define llmfi_jw_member_int(w, lit, value) (llmfi_jw_key((w), lit), llmfi_jw_int((w), (value)))
#define llmfi_jw_member_bool(w, lit, value) (llmfi_jw_key((w), lit), llmfi_jw_bool((w), (value)))
#endif
#define llmfi_jw_member_double(w, lit, value) (llmfi_jw_key((w), lit), llmfi_jw_double((w), (value)))
#define llmfi_jw_member_raw(w, lit, json) (llmfi_jw_key((w), lit), llmfi_jw_raw((w), (json)))

#endif
