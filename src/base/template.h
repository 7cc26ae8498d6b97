/* Texts with holes: "Summarise in {{lang:English}}: {{text}}". Read piece by piece, without memory of its own; who fills the holes is factory/render.h.
     {{name}}  {{ name }}        the text of that variable; names begin with a letter or _, and have letters, digits, _ and - only
     {{facts.title}} {{list.0}}  a member of an object, an item of a list, where the variable's text is JSON
     {{name|json}} {{name|xml}}  as a JSON string with its quotes (of what is JSON already: as it stands); with & < > " ' made harmless
     {{name:default}}            where there is no such variable; filters come before it: {{name|json:none}}. {{name:}}: nothing
     \{{                         the two braces themselves; \\{{ is a backslash before a hole. }} outside of a hole, and { alone, are what they are */
#ifndef LLMFI_BASE_TEMPLATE_H
#define LLMFI_BASE_TEMPLATE_H
#include "str.h"

/* What a piece is. */
enum { LLMFI_PIECE_END, LLMFI_PIECE_TEXT, LLMFI_PIECE_HOLE, LLMFI_PIECE_BAD };
/* What is done with a variable's text, in the order of the words. */
enum { LLMFI_FILTER_PLAIN = -1, LLMFI_FILTER_JSON, LLMFI_FILTER_XML };
static const char llmfi_filter_words[] = "json\0xml\0";

typedef struct llmfi_template {
    llmf_str text;
    size_t at;                               /* read so far */
    size_t from;                             /* where the piece begins */
    llmf_str piece;                          /* TEXT */
    llmf_str name, path, otherwise;          /* HOLE; path: what stands behind the first point, empty: nothing */
    bool has_otherwise;
    int filter;                              /* LLMFI_FILTER_… */
    const char *bad;                         /* BAD: what is wrong, and what to do; the reading goes on behind the braces */
} llmfi_template;

LLMFI_UNUSED static llmfi_template llmfi_template_of(llmf_str text) {
    llmfi_template t;
    memset(&t, 0, sizeof t);
    t.text = text;
    return t;
}

/* A letter or _; behind the first, digits and - too. */
static bool llmfi_template_char(char c, bool first) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (!first && (llmfi_is_digit(c) || c == '-'));
}

LLMFI_UNUSED static bool llmfi_template_name_ok(llmf_str name) {
    size_t i;
    for (i = 0; i < name.len; i++)
        if (!llmfi_template_char(name.ptr[i], i == 0)) return false;
    return name.len > 0;
}

/* Cuts the first part of a path off; empty where there is none. */
LLMFI_UNUSED static llmf_str llmfi_template_part(llmf_str *path) {
    size_t n = llmfi_find_char(*path, '.');
    llmf_str part = n == LLMFI_NOWHERE ? *path : llmfi_str(path->ptr, n);
    *path = llmfi_from(*path, n == LLMFI_NOWHERE ? path->len : n + 1);
    return part;
}

/* A name, and the members behind it. False: it is none. */
static bool llmfi_template_take_name(llmfi_template *t, llmf_str *in) {
    size_t n = 0, k;
    while (n < in->len && llmfi_template_char(in->ptr[n], n == 0)) n++;
    if (!n) return false;
    t->name = llmfi_str(in->ptr, n);
    for (k = n; k < in->len && in->ptr[k] == '.';) {
        size_t from = ++k;
        while (k < in->len && llmfi_template_char(in->ptr[k], false)) k++;
        if (k == from) return false;
    }
    t->path = k > n ? llmfi_str(in->ptr + n + 1, k - n - 1) : llmfi_str("", 0);
    *in = llmfi_from(*in, k);
    return true;
}

/* What stands between the braces; what is wrong with it, or NULL. */
static const char *llmfi_template_hole(llmfi_template *t, llmf_str in) {
    size_t n;
    if (in.len && in.ptr[0] == '{') return "{{{ is not clear; put a blank behind the first brace, or write \\{{ for the characters themselves";
    in = llmfi_trim(in);
    if (!in.len) return "{{}} has no name; write {{name}}, or \\{{ for the characters themselves";
    if (!llmfi_template_take_name(t, &in)) return "{{...}} must begin with a name of letters, digits, _ and -; write \\{{ for the characters themselves";
    in = llmfi_trim(in);
    if (in.len && in.ptr[0] == '|') {
        in = llmfi_trim(llmfi_from(in, 1));
        for (n = 0; n < in.len && llmfi_template_char(in.ptr[n], false);) n++;
        t->filter = llmfi_word_in(llmfi_filter_words, llmfi_str(in.ptr, n));
        if (!n || t->filter < 0) return "{{name|...}} knows json and xml";
        in = llmfi_trim(llmfi_from(in, n));
    }
    if (in.len && in.ptr[0] == ':') {
        t->has_otherwise = true;
        t->otherwise = llmfi_trim(llmfi_from(in, 1));
        for (n = 0; n + 1 < t->otherwise.len; n++)
            if (t->otherwise.ptr[n] == '{' && t->otherwise.ptr[n + 1] == '{') return "{{name:...}} has another {{ in its default, which is a text as it stands; close the first one";
        return NULL;
    }
    return in.len ? "{{...}} must be {{name}}, {{name|json}}, {{name|xml}} or {{name:default}}; write \\{{ for the characters themselves" : NULL;
}

/* LLMFI_PIECE_…; each but END takes one byte at least. */
LLMFI_UNUSED static int llmfi_template_next(llmfi_template *t) {
    llmf_str rest = llmfi_from(t->text, t->at);
    size_t n = 1;
    t->from = t->at;
    if (!rest.len) return LLMFI_PIECE_END;
    if (llmfi_starts(rest, LLMFI_LIT("\\{{"))) {
        t->piece = llmfi_str(rest.ptr + 1, 2);
        t->at += 3;
        return LLMFI_PIECE_TEXT;
    }
    if (llmfi_starts(rest, LLMFI_LIT("\\\\{{"))) {
        t->piece = llmfi_str(rest.ptr, 1);
        t->at += 2;
        return LLMFI_PIECE_TEXT;
    }
    if (!llmfi_starts(rest, LLMFI_LIT("{{"))) {
        while (n < rest.len && rest.ptr[n] != '\\' && !(rest.ptr[n] == '{' && n + 1 < rest.len && rest.ptr[n + 1] == '{')) n++;
        t->piece = llmfi_str(rest.ptr, n);
        t->at += n;
        return LLMFI_PIECE_TEXT;
    }
    for (n = 2; n + 1 < rest.len && !(rest.ptr[n] == '}' && rest.ptr[n + 1] == '}');) n++;
    t->name = t->path = t->otherwise = llmfi_str("", 0);
    t->has_otherwise = false;
    t->filter = LLMFI_FILTER_PLAIN;
    t->at += 2;
    if (n + 1 >= rest.len) {
        t->bad = "{{ without a }}; close it, or write \\{{ for the characters themselves";
        return LLMFI_PIECE_BAD;
    }
    t->bad = llmfi_template_hole(t, llmfi_str(rest.ptr + 2, n - 2));
    if (t->bad) return LLMFI_PIECE_BAD;
    t->at = t->from + n + 2;
    return LLMFI_PIECE_HOLE;
}

#endif
