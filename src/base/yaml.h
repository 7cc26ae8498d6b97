/* Config files as people write them: a subset of YAML 1.2.2 with the core schema, read into the tree of node.h. A JSON text is
   YAML and gives the same tree. What the subset leaves out (anchors, aliases, tags, directives, several documents, complex and
   empty keys, tabs as indentation, duplicate keys, infinity) is refused with its place and the way to write it: never misread.
   One leniency, that of the common parsers: the closing ] or } of a value may stand in the column of its key.

   The reader goes down the grammar, at most LLMF_MAX_DEPTH deep. `need` is the specification's n + 1: the fewest spaces that a line
   of the current node must begin with; 0 at the top. Comments name productions of the specification in [brackets]. */
#ifndef LLMFI_BASE_YAML_H
#define LLMFI_BASE_YAML_H
#include "node.h"
#include "num.h"
#include "utf8.h"

/* How deep lists and mappings may be nested, in JSON and YAML. */
#ifndef LLMF_MAX_DEPTH
#define LLMF_MAX_DEPTH 128
#endif

#define LLMFI_YAML_MAX_TEXT 0x3fffffffu      /* bytes of a text: line, column and every sum of two lengths fit 32 bits */
#define LLMFI_YAML_MAX_KEY 1024              /* bytes of a block key, its quotes included [ns-s-implicit-yaml-key] */

typedef struct llmfi_yaml {
    llmfi_arena *arena;
    llmfi_parse_error *err;
    llmf_str text;                           /* behind the byte order mark */
    size_t mark;                             /* bytes of that mark */
    size_t at, bol;                          /* the next byte; the first one of its line */
    uint32_t line;
    int depth, brackets;                     /* of all collections; of those in brackets */
    size_t indent;                           /* after llmfi_yaml_skip: spaces that the line begins with, */
    bool fresh, tab;                         /* what is at `at` is the first thing of its line; a tab stands before it */
} llmfi_yaml;

/* A scalar before it is known whether it is a key (text as it is) or a value (plain: maybe a number). */
typedef struct llmfi_yaml_scalar {
    llmf_str text;
    size_t at;
    uint32_t line, column;
    bool plain;
} llmfi_yaml_scalar;

/* What a value follows. */
enum { LLMFI_YAML_DOCUMENT, LLMFI_YAML_ENTRY, LLMFI_YAML_KEY };

/* Texts said at more than one place. */
static const char llmfi_yaml_tabbed[] = "a tab in the indentation: use spaces";
static const char llmfi_yaml_stray[] = "this line's indentation fits no line above it: align it with the entries of its own list or mapping";
static const char llmfi_yaml_marker_inside[] = "--- or ... at the line's start inside a value: close the value first, or indent the line";
static const char llmfi_yaml_complex[] = "a list or mapping as a key: write a plain or quoted text as the key";
static const char llmfi_yaml_one_line[] = "a mapping cannot begin on this line: put it on a line of its own, indented, or quote the text";
static const char llmfi_yaml_goes_on_above[] = "no key can be in a line that goes on with the text above: align it with the keys above, or quote the text";
static const char llmfi_yaml_space_colon[] = "no space after the ':': put one there";

/* What the subset has no use for at the start of a value or key. */
static const struct {
    char first[4];
    bool flow_only;                          /* refused only inside [ ] and { } */
    const char *what;
} llmfi_yaml_refused[] = {
    {"&", false, "anchors (&name) are not supported: remove it, write the value out at each place; quote a text that begins with &"},
    {"*", false, "aliases (*name) are not supported: write the value out again; quote a text that begins with *"},
    {"!", false, "tags (!name) are not supported: remove it; quote the value where it is to be a text"},
    {"%@`", false, "a text cannot begin with %, @ or `: put it in quotes"},
    {"#", false, "a comment needs a space before its #; quote a text that begins with #"},
    {",]}", false, "a value or key is missing here, or a text begins with , ] or }: write it, or quote the text"},
    {"|>", true, "a | or > text cannot stand inside [ ] or { }: use a quoted text"},
};

static bool llmfi_yaml_value(llmfi_yaml *p, size_t need, int where, llmfi_node *node);
static bool llmfi_yaml_flow(llmfi_yaml *p, size_t need, llmfi_node *node);

/* ---- errors ---- */

static bool llmfi_yaml_fail(llmfi_yaml *p, size_t at, const char *what) {
    llmfi_parse_error *err = p->err;
    if (err->what) return false;
    err->what = what;
    err->offset = at + p->mark;
    llmfi_place(p->text, at, &err->line, &err->column);
    return false;
}

static bool llmfi_yaml_no_memory(llmfi_yaml *p) {
    p->err->memory = true;
    return llmfi_yaml_fail(p, p->at, "no memory left for this text: raise the memory given, or shorten the file");
}

static bool llmfi_yaml_enter(llmfi_yaml *p) {
    if (p->depth >= LLMF_MAX_DEPTH) return llmfi_yaml_fail(p, p->at, "nested deeper than LLMF_MAX_DEPTH: flatten it, or raise that option");
    p->depth++;
    return true;
}

/* ---- bytes and lines ---- */

/* NUL is refused before anything is read, so it can stand for the end. */
static char llmfi_yaml_peek(const llmfi_yaml *p, size_t at) {
    return at < p->text.len ? p->text.ptr[at] : '\0';
}

static bool llmfi_yaml_blank(char c) {
    return c == ' ' || c == '\t';
}

static bool llmfi_yaml_break(char c) {
    return c == '\n' || c == '\r' || c == '\0';
}

static bool llmfi_yaml_bracket(char c) {
    return c == ',' || c == '[' || c == ']' || c == '{' || c == '}';
}

/* True for what may follow an indicator, and cannot go on a plain text after one [not ns-plain-safe]. */
static bool llmfi_yaml_apart(char c, bool flow) {
    return llmfi_yaml_blank(c) || llmfi_yaml_break(c) || (flow && llmfi_yaml_bracket(c));
}

static size_t llmfi_yaml_past(const llmfi_yaml *p, size_t at, bool tabs) {
    while (llmfi_yaml_peek(p, at) == ' ' || (tabs && llmfi_yaml_peek(p, at) == '\t')) at++;
    return at;
}

/* From the end of a line to the first byte of the next; at the end of the text it stays. */
static void llmfi_yaml_newline(llmfi_yaml *p) {
    if (p->at >= p->text.len) return;
    if (llmfi_yaml_peek(p, p->at) == '\r' && llmfi_yaml_peek(p, p->at + 1) == '\n') p->at++;
    p->bol = ++p->at;
    p->line++;
}

static void llmfi_yaml_to_line_end(llmfi_yaml *p) {
    while (!llmfi_yaml_break(llmfi_yaml_peek(p, p->at))) p->at++;
}

/* --- or ... by itself [c-forbidden]: '-' or '.', else 0. */
static char llmfi_yaml_marker(const llmfi_yaml *p, size_t bol) {
    char c = llmfi_yaml_peek(p, bol);
    bool is = (c == '-' || c == '.') && llmfi_yaml_peek(p, bol + 1) == c && llmfi_yaml_peek(p, bol + 2) == c;
    return is && llmfi_yaml_apart(llmfi_yaml_peek(p, bol + 3), false) ? c : '\0';
}

static bool llmfi_yaml_at_end(const llmfi_yaml *p) {
    return p->at >= p->text.len || (p->at == p->bol && llmfi_yaml_marker(p, p->at));
}

/* To the next thing that is no blank, comment or end of a line. [s-separate, s-l-comments] */
static void llmfi_yaml_skip(llmfi_yaml *p) {
    p->tab = false;
    p->fresh = p->at == p->bol;
    for (;;) {
        if (p->at == p->bol) {
            p->tab = false;
            p->fresh = true;
            p->at = llmfi_yaml_past(p, p->at, false);
            p->indent = p->at - p->bol;
        }
        for (; llmfi_yaml_blank(llmfi_yaml_peek(p, p->at)); p->at++)
            if (llmfi_yaml_peek(p, p->at) == '\t') p->tab = true;
        if (llmfi_yaml_peek(p, p->at) == '#' && (p->at == p->bol || llmfi_yaml_blank(p->text.ptr[p->at - 1]))) llmfi_yaml_to_line_end(p);
        if (p->at >= p->text.len || !llmfi_yaml_break(p->text.ptr[p->at])) return;
        llmfi_yaml_newline(p);
    }
}

/* A value that began in line `from` is over: nothing but a comment may follow it. Goes on to the next thing. */
static bool llmfi_yaml_finish_line(llmfi_yaml *p, uint32_t from) {
    size_t end = p->at;
    char c;
    p->at = llmfi_yaml_past(p, p->at, true);
    c = llmfi_yaml_peek(p, p->at);
    if (c == '#' && p->at == end) return llmfi_yaml_fail(p, p->at, "no space before the comment's #: put one there");
    if (c == ':' && llmfi_yaml_apart(llmfi_yaml_peek(p, p->at + 1), false))
        return llmfi_yaml_fail(p, p->at, from == p->line ? llmfi_yaml_one_line : llmfi_yaml_goes_on_above);
    if (c == ':') return llmfi_yaml_fail(p, p->at + 1, llmfi_yaml_space_colon);
    if (c != '#' && !llmfi_yaml_break(c))
        return llmfi_yaml_fail(p, p->at, "more text behind a value that is over: remove it, or put all of it in quotes");
    llmfi_yaml_skip(p);
    return true;
}

/* UTF-8 without control characters. [c-printable] */
static bool llmfi_yaml_check_bytes(llmfi_yaml *p) {
    const char *begin = p->text.ptr, *at = begin, *end = begin + p->text.len;
    for (;;) {
        uint32_t rune;
        const char *what = NULL;
        int n;
        while (at < end && (((unsigned char)*at >= 0x20 && (unsigned char)*at < 0x7f) || *at == '\n')) at++; /* nearly all there is */
        if (at == end) return true;
        n = llmfi_utf8_next(at, end, &rune);
        if (n <= 0) what = "not UTF-8: save the file as UTF-8";
        else if (rune == 0) what = "a NUL: remove it, or write \\0 in double quotes; if this is UTF-16, save the file as UTF-8";
        else if ((rune < 0x20 && rune != '\t' && rune != '\n' && rune != '\r') || (rune >= 0x7f && rune < 0xa0 && rune != 0x85))
            what = "a control character: remove it, or write it as an escape (\\x07) in double quotes";
        else if (rune == 0xfeff)
            what = "a byte order mark inside the text: remove it, or write \\uFEFF in double quotes";
        if (what) return llmfi_yaml_fail(p, (size_t)(at - begin), what);
        at += n;
    }
}

/* ---- nodes ---- */

static void llmfi_yaml_locate(const llmfi_yaml *p, llmfi_node *node) {
    node->line = p->line;
    node->column = (uint32_t)(p->at - p->bol) + 1;
}

/* A null, here; NULL when memory is refused. */
static llmfi_node *llmfi_yaml_node(llmfi_yaml *p) {
    llmfi_node *node = (llmfi_node *)llmfi_arena_alloc(p->arena, sizeof *node);
    if (node) llmfi_yaml_locate(p, node);
    else llmfi_yaml_no_memory(p);
    return node;
}

static void llmfi_yaml_set_key(llmfi_node *node, const llmfi_yaml_scalar *s) {
    node->key = s->text;
    node->key_line = s->line;
    node->key_column = s->column;
}

static int llmfi_yaml_by_key(const llmfi_node *a, const llmfi_node *b) {
    if (a->key.len != b->key.len) return a->key.len < b->key.len ? -1 : 1;
    return a->key.len ? memcmp(a->key.ptr, b->key.ptr, a->key.len) : 0;
}

static int llmfi_yaml_by_place(const llmfi_node *a, const llmfi_node *b) {
    if (a->key_line != b->key_line) return a->key_line < b->key_line ? -1 : 1;
    return a->key_column < b->key_column ? -1 : a->key_column > b->key_column;
}

static llmfi_node *llmfi_yaml_merge(llmfi_node *a, llmfi_node *b, int (*compare)(const llmfi_node *, const llmfi_node *)) {
    llmfi_node *head = NULL, **tail = &head;
    while (a && b) {
        llmfi_node **first = compare(a, b) <= 0 ? &a : &b;
        *tail = *first;
        *first = (*first)->next;
        tail = &(*tail)->next;
    }
    *tail = a ? a : b;
    return head;
}

/* Merge sort in place: bins[i] holds a sorted run of 2^i. */
static llmfi_node *llmfi_yaml_sort(llmfi_node *list, int (*compare)(const llmfi_node *, const llmfi_node *)) {
    llmfi_node *bins[32], *run, *sorted = NULL;
    size_t i;
    memset(bins, 0, sizeof bins);
    while ((run = list) != NULL) {
        list = list->next;
        run->next = NULL;
        for (i = 0; i + 1 < LLMFI_COUNT(bins) && bins[i]; i++) {
            run = llmfi_yaml_merge(bins[i], run, compare);
            bins[i] = NULL;
        }
        bins[i] = run;
    }
    for (i = 0; i < LLMFI_COUNT(bins); i++) sorted = llmfi_yaml_merge(bins[i], sorted, compare);
    return sorted;
}

static size_t llmfi_yaml_offset(const llmfi_yaml *p, uint32_t line, uint32_t column) {
    llmfi_yaml scan = *p;
    scan.at = scan.bol = 0;
    for (scan.line = 1; scan.line < line; llmfi_yaml_newline(&scan)) llmfi_yaml_to_line_end(&scan);
    return scan.bol + column - 1;
}

/* Sorts by key, compares neighbours, sorts back by place: no memory, and no input makes it slow. */
static bool llmfi_yaml_unique(llmfi_yaml *p, llmfi_node *map) {
    llmfi_node *n, *twice = NULL;
    if (map->count < 2) return true;
    map->child = llmfi_yaml_sort(map->child, llmfi_yaml_by_key);
    for (n = map->child; n->next; n = n->next)
        if (llmfi_yaml_by_key(n, n->next) == 0 && (!twice || llmfi_yaml_by_place(n->next, twice) < 0)) twice = n->next;
    map->child = llmfi_yaml_sort(map->child, llmfi_yaml_by_place);
    if (!twice) return true;
    return llmfi_yaml_fail(p, llmfi_yaml_offset(p, twice->key_line, twice->key_column),
                           "this key stands here a second time: keep one of the two");
}

/* ---- quoted and plain text ---- */

typedef struct llmfi_yaml_out {
    char *ptr;
    size_t len, keep;                        /* keep: blanks before this were escaped or end a line: they stay */
} llmfi_yaml_out;

static bool llmfi_yaml_hex(llmf_str raw, size_t at, size_t digits, uint32_t *value) {
    size_t i;
    *value = 0;
    if (digits > raw.len - at) return false;
    for (i = at; i < at + digits; i++) {
        char c = llmfi_lower(raw.ptr[i]);
        if (!llmfi_is_digit(c) && (c < 'a' || c > 'f')) return false;
        *value = *value << 4 | (uint32_t)(llmfi_is_digit(c) ? c - '0' : c - 'a' + 10);
    }
    return true;
}

/* \x41 \u0041 \U00000041, and as in JSON a pair of surrogates; *at: behind it. NULL, or what is wrong. */
static const char *llmfi_yaml_rune(llmf_str raw, size_t *at, uint32_t *rune) {
    char kind = raw.ptr[*at - 1];
    size_t digits = kind == 'x' ? 2 : kind == 'u' ? 4 : 8;
    uint32_t low;
    if (!llmfi_yaml_hex(raw, *at, digits, rune)) return "too few hexadecimal digits: \\x takes 2, \\u 4, \\U 8";
    *at += digits;
    if (kind == 'u' && *rune >= 0xd800 && *rune < 0xdc00 && raw.len - *at >= 6 && raw.ptr[*at] == '\\' && raw.ptr[*at + 1] == 'u'
        && llmfi_yaml_hex(raw, *at + 2, 4, &low) && low >= 0xdc00 && low < 0xe000) {
        *rune = 0x10000 + ((*rune - 0xd800) << 10) + (low - 0xdc00);
        *at += 6;
    }
    if (*rune <= 0x10ffff && (*rune < 0xd800 || *rune > 0xdfff)) return NULL;
    return "this escape is no character: surrogates come in pairs, U+10FFFF is the last";
}

/* The escape behind the backslash at raw[at]: writes it. The offset behind it, or 0 after an error. [c-ns-esc-char] */
static size_t llmfi_yaml_escape(llmfi_yaml *p, llmf_str raw, size_t at, llmfi_yaml_out *out) {
    static const char names[] = "0abt\tnvfre \"/\\N_LP";
    static const uint16_t runes[] = {0, 7, 8, 9, 9, 10, 11, 12, 13, 27, 32, 34, 47, 92, 0x85, 0xa0, 0x2028, 0x2029};
    size_t from = (size_t)(raw.ptr - p->text.ptr) + at, name;
    const char *wrong = NULL;
    uint32_t rune;
    char c = raw.ptr[++at];
    at++;
    name = llmfi_find_char(llmfi_str(names, sizeof names - 1), c);
    if (name != LLMFI_NOWHERE) rune = runes[name];
    else if (c == 'x' || c == 'u' || c == 'U') wrong = llmfi_yaml_rune(raw, &at, &rune);
    else wrong = "no such escape: write \\\\ for a backslash, or use single quotes";
    if (wrong) {
        llmfi_yaml_fail(p, from, wrong);
        return 0;
    }
    out->len += llmfi_utf8_encode(out->ptr + out->len, rune);
    out->keep = out->len;
    return at;
}

/* Line ends at raw[at] and the blanks around them: one is a space, more are one newline less. [s-flow-folded, s-double-escaped] */
static size_t llmfi_yaml_fold(llmf_str raw, size_t at, bool escaped, llmfi_yaml_out *out) {
    size_t breaks = 0;
    for (; at < raw.len && llmfi_is_space(raw.ptr[at]); at++)
        if (raw.ptr[at] == '\n' || (raw.ptr[at] == '\r' && !(at + 1 < raw.len && raw.ptr[at + 1] == '\n'))) breaks++;
    while (!escaped && out->len > out->keep && llmfi_yaml_blank(out->ptr[out->len - 1])) out->len--;
    if (!escaped && breaks == 1) out->ptr[out->len++] = ' ';
    for (; breaks > 1; breaks--) out->ptr[out->len++] = '\n';
    out->keep = out->len;
    return at;
}

/* Of one line, and without a quote that stands for one: nothing is to be decoded. */
static bool llmfi_yaml_as_it_is(llmf_str raw, char quote) {
    size_t i;
    for (i = 0; i < raw.len; i++)
        if (raw.ptr[i] == '\n' || raw.ptr[i] == '\r' || (quote == '\'' && raw.ptr[i] == quote)) return false;
    return true;
}

/* What stands between the quotes (quote 0: a plain text), decoded into the arena. */
static bool llmfi_yaml_decode(llmfi_yaml *p, llmf_str raw, char quote, llmf_str *text) {
    bool escapes = quote == '"' && llmfi_find_char(raw, '\\') != LLMFI_NOWHERE;
    llmfi_yaml_out out;
    size_t at = 0;
    if (!escapes && llmfi_yaml_as_it_is(raw, quote)) {
        *text = llmfi_arena_copy(p->arena, raw);
        return p->arena->failed ? llmfi_yaml_no_memory(p) : true;
    }
    memset(&out, 0, sizeof out);
    out.ptr = (char *)llmfi_arena_alloc(p->arena, raw.len + (escapes ? raw.len / 2 : 0) + 1); /* \L: 2 bytes become 3 */
    if (!out.ptr) return llmfi_yaml_no_memory(p);
    while (at < raw.len) {
        char c = raw.ptr[at];
        if (c == '\n' || c == '\r') {
            at = llmfi_yaml_fold(raw, at, false, &out);
        } else if (c == '\\' && escapes) {
            bool folds = raw.ptr[at + 1] == '\n' || raw.ptr[at + 1] == '\r';
            at = folds ? llmfi_yaml_fold(raw, at + 1, true, &out) : llmfi_yaml_escape(p, raw, at, &out);
            if (!at) return false;
        } else {
            out.ptr[out.len++] = c;
            at += c == '\'' && quote == c ? 2 : 1;
        }
    }
    out.ptr[out.len] = '\0'; /* blanks that were trimmed may stand there */
    *text = llmfi_str(out.ptr, out.len);
    return true;
}

/* At the beginning of a line inside a quoted text: is it indented enough? */
static bool llmfi_yaml_goes_on(llmfi_yaml *p, size_t need) {
    size_t spaces = llmfi_yaml_past(p, p->at, false), blanks = llmfi_yaml_past(p, p->at, true);
    if (llmfi_yaml_marker(p, p->bol)) return llmfi_yaml_fail(p, p->bol, llmfi_yaml_marker_inside);
    if (spaces - p->bol >= need || llmfi_yaml_break(llmfi_yaml_peek(p, spaces))) return true;
    if (blanks > spaces) return llmfi_yaml_fail(p, spaces, llmfi_yaml_tabbed);
    return llmfi_yaml_fail(p, spaces, "a quoted text goes on here: indent this line more than its key, or close the quote above");
}

/* From one quote to behind the other. */
static bool llmfi_yaml_scan_quoted(llmfi_yaml *p, size_t need, llmf_str *raw) {
    size_t open = p->at;
    char quote = p->text.ptr[p->at++], c;
    for (;;) {
        c = llmfi_yaml_peek(p, p->at);
        if (!c) return llmfi_yaml_fail(p, open, "this quote is never closed: put the same quote behind the text");
        if (c == quote && !(c == '\'' && llmfi_yaml_peek(p, p->at + 1) == c)) break;
        if (llmfi_yaml_break(c)) {
            llmfi_yaml_newline(p);
            if (!llmfi_yaml_goes_on(p, need)) return false;
        } else {
            bool pair = c == '\'' ? quote == c : c == '\\' && quote == '"' && !llmfi_yaml_break(llmfi_yaml_peek(p, p->at + 1));
            p->at += pair ? 2 : 1;
        }
    }
    *raw = llmfi_range(p->text.ptr + open + 1, p->text.ptr + p->at++);
    return true;
}

/* Where the plain text at `from` ends in its line: at the break, a ": ", a " #"; in flow also at a bracket or comma. */
static size_t llmfi_yaml_plain_stop(const llmfi_yaml *p, size_t from, bool flow) {
    size_t i;
    for (i = from;; i++) {
        char c;
        while (i < p->text.len && (unsigned char)(p->text.ptr[i] | 0x20) >= 'a' && (unsigned char)(p->text.ptr[i] | 0x20) <= 'z') i++; /* letters end nothing */
        c = llmfi_yaml_peek(p, i);
        if (llmfi_yaml_break(c) || (flow && llmfi_yaml_bracket(c))) return i;
        if (c == ':' && llmfi_yaml_apart(llmfi_yaml_peek(p, i + 1), flow)) return i;
        if (c == '#' && i > from && llmfi_yaml_blank(llmfi_yaml_peek(p, i - 1))) return i;
    }
}

/* From the end of a line of a plain text to its next line, over empty ones; false, and nothing moved, where there is none. */
static bool llmfi_yaml_plain_goes_on(llmfi_yaml *p, size_t need, bool flow) {
    llmfi_yaml ahead = *p;
    char c;
    while (ahead.at < p->text.len && llmfi_yaml_break(llmfi_yaml_peek(p, ahead.at))) {
        llmfi_yaml_newline(&ahead);
        ahead.at = llmfi_yaml_past(p, ahead.bol, false);
        if (ahead.at - ahead.bol >= need) ahead.at = llmfi_yaml_past(p, ahead.at, true);
    }
    c = llmfi_yaml_peek(p, ahead.at);
    if (!c || c == '#' || ahead.at - ahead.bol < need || llmfi_yaml_marker(p, ahead.bol)) return false;
    if (llmfi_yaml_plain_stop(p, ahead.at, flow) == ahead.at) return false;
    *p = ahead;
    return true;
}

static llmf_str llmfi_yaml_scan_plain(llmfi_yaml *p, size_t need, bool flow) {
    size_t from = p->at, end;
    do {
        p->at = end = llmfi_yaml_plain_stop(p, p->at, flow);
        while (llmfi_yaml_blank(p->text.ptr[end - 1])) end--;
    } while (llmfi_yaml_break(llmfi_yaml_peek(p, p->at)) && llmfi_yaml_plain_goes_on(p, need, flow));
    p->at = end;
    return llmfi_str(p->text.ptr + from, end - from);
}

/* The reason why no value or key of the subset can begin here, or NULL. */
static const char *llmfi_yaml_refusal(const llmfi_yaml *p, bool flow) {
    char c = llmfi_yaml_peek(p, p->at);
    size_t i;
    for (i = 0; i < LLMFI_COUNT(llmfi_yaml_refused); i++)
        if (c && llmfi_strchr(llmfi_yaml_refused[i].first, c) && (flow || !llmfi_yaml_refused[i].flow_only)) return llmfi_yaml_refused[i].what;
    if (!llmfi_yaml_apart(llmfi_yaml_peek(p, p->at + 1), flow)) return NULL;
    if (c == '?') return "complex keys (? key) are not supported: write key: value";
    if (c == ':') return "the key before this ':' is missing: write it (\"\" for an empty one), or quote the text";
    if (c == '-' && flow) return "a list entry (- x) inside [ ] or { }: write [x, y]; quote a text that is a dash";
    if (c == '-') return "a list entry (- x) is not possible here: begin the list on a line of its own, all its dashes in one column";
    return NULL;
}

static bool llmfi_yaml_scan_scalar(llmfi_yaml *p, size_t need, bool flow, llmfi_yaml_scalar *s) {
    char c = llmfi_yaml_peek(p, p->at), quote = c == '"' || c == '\'' ? c : '\0';
    llmf_str raw;
    s->at = p->at;
    s->line = p->line;
    s->column = (uint32_t)(p->at - p->bol) + 1;
    s->plain = !quote;
    if (!quote) raw = llmfi_yaml_scan_plain(p, need, flow);
    else if (!llmfi_yaml_scan_quoted(p, need, &raw)) return false;
    return llmfi_yaml_decode(p, raw, quote, &s->text);
}

/* ---- plain text -> null, bool, number [core schema, 10.3.2] ---- */

typedef struct llmfi_yaml_number {
    char sign;                               /* '-', '+' or 0 */
    llmf_str whole, fraction, exponent;      /* digits; exponent: from its 'e' on */
    bool point;
} llmfi_yaml_number;

static llmf_str llmfi_yaml_digits(llmf_str s, size_t *at) {
    size_t from = *at;
    while (*at < s.len && llmfi_is_digit(s.ptr[*at])) ++*at;
    return llmfi_str(s.ptr + from, *at - from);
}

/* [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )? */
static bool llmfi_yaml_read_number(llmf_str s, llmfi_yaml_number *n) {
    size_t at = 0, exponent;
    memset(n, 0, sizeof *n);
    if (s.len && (s.ptr[0] == '-' || s.ptr[0] == '+')) n->sign = s.ptr[at++];
    n->whole = llmfi_yaml_digits(s, &at);
    if (at < s.len && s.ptr[at] == '.') {
        n->point = true;
        at++;
        n->fraction = llmfi_yaml_digits(s, &at);
    }
    if (n->whole.len + n->fraction.len == 0) return false;
    exponent = at;
    if (at < s.len && (s.ptr[at] == 'e' || s.ptr[at] == 'E')) {
        at++;
        if (at < s.len && (s.ptr[at] == '-' || s.ptr[at] == '+')) at++;
        if (llmfi_yaml_digits(s, &at).len == 0) return false;
    }
    n->exponent = llmfi_str(s.ptr + exponent, at - exponent);
    return at == s.len;
}

static size_t llmfi_yaml_append(char *to, size_t len, llmf_str s) {
    if (s.len) memcpy(to + len, s.ptr, s.len);
    return len + s.len;
}

/* The text as JSON writes the number: no '+', no leading zeros, a digit on both sides of the point. */
static bool llmfi_yaml_decimal(llmfi_yaml *p, llmf_str text, const llmfi_yaml_number *n, llmfi_node *node) {
    llmf_str whole = n->whole;
    bool json = n->sign != '+' && (whole.len == 1 || (whole.len && whole.ptr[0] != '0')) && (!n->point || n->fraction.len);
    char *to;
    size_t len = 0;
    node->type = LLMFI_NUMBER;
    if (json) return true; /* node->text is the text already */
    to = (char *)llmfi_arena_alloc(p->arena, text.len + 3);
    if (!to) return llmfi_yaml_no_memory(p);
    while (whole.len > 1 && whole.ptr[0] == '0') whole = llmfi_from(whole, 1);
    if (n->sign == '-') to[len++] = '-';
    len = llmfi_yaml_append(to, len, whole.len ? whole : LLMFI_LIT("0"));
    if (n->point) {
        to[len++] = '.';
        len = llmfi_yaml_append(to, len, n->fraction.len ? n->fraction : LLMFI_LIT("0"));
    }
    len = llmfi_yaml_append(to, len, n->exponent);
    node->text = llmfi_str(to, len);
    return true;
}

/* 0x1F and 0o17; what is none of them stays a text. */
static bool llmfi_yaml_based(llmfi_yaml *p, const llmfi_yaml_scalar *s, llmfi_node *node) {
    unsigned shift = s->text.len > 2 && s->text.ptr[1] == 'x' ? 4 : 3;
    uint64_t value = 0;
    bool large = false;
    char digits[LLMFI_INT_TEXT];
    size_t i;
    if (s->text.len < 3 || s->text.ptr[0] != '0' || (shift == 3 && s->text.ptr[1] != 'o')) return true;
    for (i = 2; i < s->text.len; i++) {
        uint32_t digit;
        if (!llmfi_yaml_hex(s->text, i, 1, &digit) || digit >> shift) return true;
        if (value >> (64 - shift)) large = true;
        value = value << shift | digit;
    }
    if (large) return llmfi_yaml_fail(p, s->at, "this number takes more than 64 bits: write it in decimal, or quote it for a text");
    node->type = LLMFI_NUMBER;
    node->text = llmfi_arena_copy(p->arena, llmfi_str(digits, llmfi_print_uint(digits, value)));
    return node->text.len ? true : llmfi_yaml_no_memory(p);
}

static const struct {
    char word[8];
    int type;                                /* -1: infinity or NaN, which the tree has no number for */
} llmfi_yaml_words[] = {
    {"~", LLMFI_NULL}, {"null", LLMFI_NULL}, {"Null", LLMFI_NULL}, {"NULL", LLMFI_NULL},
    {"true", LLMFI_TRUE}, {"True", LLMFI_TRUE}, {"TRUE", LLMFI_TRUE},
    {"false", LLMFI_FALSE}, {"False", LLMFI_FALSE}, {"FALSE", LLMFI_FALSE},
    {".inf", -1}, {".Inf", -1}, {".INF", -1}, {"-.inf", -1}, {"-.Inf", -1}, {"-.INF", -1}, {"+.inf", -1}, {"+.Inf", -1}, {"+.INF", -1},
    {".nan", -1}, {".NaN", -1}, {".NAN", -1},
};

/* The scalar as a value. */
static bool llmfi_yaml_resolve(llmfi_yaml *p, const llmfi_yaml_scalar *s, llmfi_node *node) {
    llmfi_yaml_number number;
    size_t i;
    node->line = s->line;
    node->column = s->column;
    node->type = LLMFI_STRING;
    node->text = s->text;
    if (!s->plain) return true;
    for (i = 0; i < LLMFI_COUNT(llmfi_yaml_words); i++) {
        if (!llmfi_eq(s->text, llmfi_cstr(llmfi_yaml_words[i].word))) continue;
        if (llmfi_yaml_words[i].type < 0)
            return llmfi_yaml_fail(p, s->at, "infinity and NaN are not supported: write a number, or quote it for a text");
        node->type = llmfi_yaml_words[i].type;
        node->text = llmfi_str(NULL, 0);
        return true;
    }
    return llmfi_yaml_read_number(s->text, &number) ? llmfi_yaml_decimal(p, s->text, &number, node) : llmfi_yaml_based(p, s, node);
}

/* ---- | and > [c-l+literal, c-l+folded] ---- */

typedef struct llmfi_yaml_block {
    bool folded;
    char chomp;                              /* '-', '+' or 0: one newline at the end */
    size_t digit;                            /* of the indentation indicator; 0: none */
    size_t indent;                           /* spaces before its text */
    size_t begin, end;                       /* its lines */
} llmfi_yaml_block;

static bool llmfi_yaml_block_header(llmfi_yaml *p, llmfi_yaml_block *b) {
    size_t end;
    char c;
    memset(b, 0, sizeof *b);
    b->folded = p->text.ptr[p->at++] == '>';
    for (; (c = llmfi_yaml_peek(p, p->at)) != '\0'; p->at++) {
        if ((c == '-' || c == '+') && !b->chomp) b->chomp = c;
        else if (c >= '1' && c <= '9' && !b->digit) b->digit = (size_t)(c - '0');
        else break;
    }
    end = p->at;
    p->at = llmfi_yaml_past(p, end, true);
    c = llmfi_yaml_peek(p, p->at);
    if (c == '#' && p->at == end) return llmfi_yaml_fail(p, p->at, "no space before the comment's #: put one there");
    if (c != '#' && !llmfi_yaml_break(c))
        return llmfi_yaml_fail(p, p->at, "only 1 to 9, - or + may follow | or >: begin the text on the next line, or quote it");
    llmfi_yaml_to_line_end(p);
    llmfi_yaml_newline(p);
    b->begin = p->at;
    return true;
}

/* Finds the lines of the text and, unless an indicator gives it, their indentation; stops at the line behind them. */
static bool llmfi_yaml_block_lines(llmfi_yaml *p, size_t need, llmfi_yaml_block *b) {
    bool known = b->digit != 0;
    size_t widest = 0, first;                /* widest: spaces of the empty lines so far */
    b->indent = known ? need + b->digit - 1 : need;
    for (; p->at < p->text.len && !llmfi_yaml_marker(p, p->bol); llmfi_yaml_newline(p)) {
        size_t spaces = llmfi_yaml_past(p, p->at, false) - p->bol;
        first = p->bol + spaces;
        if (need == 0 && b->digit) return llmfi_yaml_fail(p, b->begin, "readers differ on the digit after | or > at the top: remove it");
        if (!llmfi_yaml_break(llmfi_yaml_peek(p, first))) {
            if (spaces < b->indent) break;
            if (!known && widest > spaces)
                return llmfi_yaml_fail(p, first, "an empty line above has more spaces than this first line of the text: remove them");
            if (!known) b->indent = spaces;
            known = true;
        } else if (spaces > widest) {
            widest = spaces;
        }
        p->at = first;
        llmfi_yaml_to_line_end(p);
    }
    if (!known) b->indent = widest;
    b->end = p->at;
    first = llmfi_yaml_past(p, p->at, false);
    return llmfi_yaml_peek(p, first) == '\t' ? llmfi_yaml_fail(p, first, llmfi_yaml_tabbed) : true;
}

/* Writes the lines; no more bytes than they have, but for one newline where the last line has none. */
static size_t llmfi_yaml_block_text(const llmfi_yaml *p, const llmfi_yaml_block *b, char *to) {
    const char *text = p->text.ptr;
    size_t at = b->begin, len = 0, breaks = 0; /* breaks: line ends not yet written */
    bool begun = false, wide = false;          /* wide: the last line with text began with a blank: nothing is folded beside it */
    while (at < b->end) {
        size_t from = at, stop;
        while (from < b->end && from - at < b->indent && text[from] == ' ') from++;
        for (stop = from; stop < b->end && !llmfi_yaml_break(text[stop]);) stop++;
        if (stop > from) {
            bool folds = b->folded && begun && !wide && !llmfi_yaml_blank(text[from]);
            if (folds && breaks == 1) to[len++] = ' ';
            for (breaks -= folds; breaks; breaks--) to[len++] = '\n';
            len = llmfi_yaml_append(to, len, llmfi_str(text + from, stop - from));
            begun = true;
            wide = llmfi_yaml_blank(text[from]);
        }
        if (stop > from || stop < p->text.len || at == b->begin) breaks++; /* blanks alone are no line where the text ends without a break */
        at = stop + (stop + 1 < b->end && text[stop] == '\r' && text[stop + 1] == '\n' ? 2 : 1);
    }
    if (!b->chomp) breaks = begun;
    if (b->chomp != '-')
        for (; breaks; breaks--) to[len++] = '\n';
    return len;
}

static bool llmfi_yaml_block_scalar(llmfi_yaml *p, size_t need, llmfi_node *node) {
    llmfi_yaml_block b;
    char *to;
    if (!llmfi_yaml_block_header(p, &b) || !llmfi_yaml_block_lines(p, need, &b)) return false;
    to = (char *)llmfi_arena_alloc(p->arena, b.end - b.begin + 2);
    if (!to) return llmfi_yaml_no_memory(p);
    node->type = LLMFI_STRING;
    node->text = llmfi_str(to, llmfi_yaml_block_text(p, &b, to));
    llmfi_yaml_skip(p);
    return true;
}

/* ---- [ ] and { } ---- */

/* A new last child of `parent`, here. */
static llmfi_node *llmfi_yaml_child(llmfi_yaml *p, llmfi_node *parent, llmfi_node ***tail) {
    llmfi_node *child = llmfi_yaml_node(p);
    if (!child) return NULL;
    **tail = child;
    *tail = &child->next;
    parent->count++;
    return child;
}

/* To the next thing inside the brackets that `open` began. */
static bool llmfi_yaml_flow_skip(llmfi_yaml *p, size_t need, size_t open) {
    char c;
    llmfi_yaml_skip(p);
    c = llmfi_yaml_peek(p, p->at);
    if (!c) return llmfi_yaml_fail(p, open, "this bracket is never closed: put its ] or } behind the last entry");
    if (!p->fresh) return true;
    if (llmfi_yaml_at_end(p)) return llmfi_yaml_fail(p, p->at, llmfi_yaml_marker_inside);
    if (p->indent + (p->brackets == 1 && (c == ']' || c == '}')) >= need) return true;
    if (p->tab) return llmfi_yaml_fail(p, p->at, llmfi_yaml_tabbed);
    return llmfi_yaml_fail(p, p->at, "inside [ ] or { } a line must be indented more than the key before the bracket: add spaces");
}

static bool llmfi_yaml_flow_node(llmfi_yaml *p, size_t need, llmfi_node *node) {
    char c = llmfi_yaml_peek(p, p->at);
    const char *refused = llmfi_yaml_refusal(p, true);
    llmfi_yaml_scalar s;
    llmfi_yaml_locate(p, node);
    if (c == '[' || c == '{') return llmfi_yaml_flow(p, need, node);
    if (refused) return llmfi_yaml_fail(p, p->at, refused);
    return llmfi_yaml_scan_scalar(p, need, true, &s) && llmfi_yaml_resolve(p, &s, node);
}

/* A ':' here that makes a key of the scalar before it. Behind quotes nothing need follow it, as in JSON. */
static bool llmfi_yaml_flow_colon(const llmfi_yaml *p, bool plain) {
    return llmfi_yaml_peek(p, p->at) == ':' && (!plain || llmfi_yaml_apart(llmfi_yaml_peek(p, p->at + 1), true));
}

/* From the ':' behind key `s` to the end of its value. */
static bool llmfi_yaml_flow_value(llmfi_yaml *p, size_t need, size_t open, const llmfi_yaml_scalar *s, llmfi_node *node) {
    char c = llmfi_yaml_peek(p, ++p->at);
    llmfi_yaml_set_key(node, s);
    llmfi_yaml_locate(p, node);
    if (s->plain && (c == '[' || c == '{')) return llmfi_yaml_fail(p, p->at, llmfi_yaml_space_colon);
    if (!llmfi_yaml_flow_skip(p, need, open)) return false;
    c = llmfi_yaml_peek(p, p->at);
    return c == ',' || c == ']' || c == '}' ? true : llmfi_yaml_flow_node(p, need, node);
}

/* key: value, or a key alone. */
static bool llmfi_yaml_flow_member(llmfi_yaml *p, size_t need, size_t open, llmfi_node *node) {
    char c = llmfi_yaml_peek(p, p->at);
    const char *refused = c == '[' || c == '{' ? llmfi_yaml_complex : llmfi_yaml_refusal(p, true);
    llmfi_yaml_scalar s;
    if (refused) return llmfi_yaml_fail(p, p->at, refused);
    if (!llmfi_yaml_scan_scalar(p, need, true, &s)) return false;
    llmfi_yaml_set_key(node, &s);
    if (!llmfi_yaml_flow_skip(p, need, open)) return false;
    return llmfi_yaml_flow_colon(p, s.plain) ? llmfi_yaml_flow_value(p, need, open, &s, node) : true;
}

/* An entry of a list; [key: value] is a list of one mapping. */
static bool llmfi_yaml_flow_entry(llmfi_yaml *p, size_t need, size_t open, llmfi_node *node) {
    char c = llmfi_yaml_peek(p, p->at);
    const char *refused = llmfi_yaml_refusal(p, true);
    llmfi_yaml_scalar s;
    llmfi_node *pair, **tail = &node->child;
    if (c == '[' || c == '{') {
        if (!llmfi_yaml_flow(p, need, node) || !llmfi_yaml_flow_skip(p, need, open)) return false;
        return llmfi_yaml_peek(p, p->at) == ':' ? llmfi_yaml_fail(p, p->at, llmfi_yaml_complex) : true;
    }
    if (refused) return llmfi_yaml_fail(p, p->at, refused);
    if (!llmfi_yaml_scan_scalar(p, need, true, &s) || !llmfi_yaml_flow_skip(p, need, open)) return false;
    if (!llmfi_yaml_flow_colon(p, s.plain)) return llmfi_yaml_resolve(p, &s, node);
    if (p->line != s.line)
        return llmfi_yaml_fail(p, p->at, "in a list a key and its ':' stand on one line: join the lines, or write {key: value}");
    node->type = LLMFI_OBJECT;
    if (!llmfi_yaml_enter(p)) return false;
    pair = llmfi_yaml_child(p, node, &tail);
    if (!pair || !llmfi_yaml_flow_value(p, need, open, &s, pair)) return false;
    p->depth--;
    return true;
}

/* From one bracket to behind the other. */
static bool llmfi_yaml_flow(llmfi_yaml *p, size_t need, llmfi_node *node) {
    size_t open = p->at;
    bool map = p->text.ptr[open] == '{';
    char close = map ? '}' : ']';
    llmfi_node **tail = &node->child;
    node->type = map ? LLMFI_OBJECT : LLMFI_ARRAY;
    if (!llmfi_yaml_enter(p)) return false;
    p->brackets++;
    p->at++;
    for (;;) {
        llmfi_node *child;
        if (!llmfi_yaml_flow_skip(p, need, open)) return false;
        if (llmfi_yaml_peek(p, p->at) == close) break;
        child = llmfi_yaml_child(p, node, &tail);
        if (!child || !(map ? llmfi_yaml_flow_member(p, need, open, child) : llmfi_yaml_flow_entry(p, need, open, child))) return false;
        if (!llmfi_yaml_flow_skip(p, need, open)) return false;
        if (llmfi_yaml_peek(p, p->at) == close) break;
        if (llmfi_yaml_peek(p, p->at) != ',')
            return llmfi_yaml_fail(p, p->at, map ? "no , or } behind an entry: put one there, or quote the text"
                                                 : "no , or ] behind an entry: put one there, or quote the text");
        p->at++;
    }
    p->at++;
    p->depth--;
    p->brackets--;
    return map ? llmfi_yaml_unique(p, node) : true;
}

/* ---- lists and mappings by indentation ---- */

static bool llmfi_yaml_dash(const llmfi_yaml *p) {
    return llmfi_yaml_peek(p, p->at) == '-' && llmfi_yaml_apart(llmfi_yaml_peek(p, p->at + 1), false);
}

/* Does a key with its ':' stand here, in one line? */
static bool llmfi_yaml_is_key(const llmfi_yaml *p) {
    size_t at = p->at;
    char quote = llmfi_yaml_peek(p, at), c;
    if (quote == '[' || quote == '{' || quote == '|' || quote == '>') return false;
    if (quote != '"' && quote != '\'') return llmfi_yaml_peek(p, llmfi_yaml_plain_stop(p, at, false)) == ':';
    for (at++; (c = llmfi_yaml_peek(p, at)) != quote || (c == '\'' && llmfi_yaml_peek(p, at + 1) == c); at++) {
        if (llmfi_yaml_break(c)) return false;
        if (c == quote || (c == '\\' && quote == '"' && !llmfi_yaml_break(llmfi_yaml_peek(p, at + 1)))) at++;
    }
    at = llmfi_yaml_past(p, at + 1, true);
    return llmfi_yaml_peek(p, at) == ':' && llmfi_yaml_apart(llmfi_yaml_peek(p, at + 1), false);
}

/* Reads what llmfi_yaml_is_key saw, to behind the ':'. */
static bool llmfi_yaml_key(llmfi_yaml *p, llmfi_node *node) {
    llmfi_yaml_scalar s;
    if (!llmfi_yaml_scan_scalar(p, 0, false, &s)) return false;
    if (p->at - s.at > LLMFI_YAML_MAX_KEY)
        return llmfi_yaml_fail(p, s.at, "a key of more than 1024 bytes: shorten it, or quote the text if it is a value");
    p->at = llmfi_yaml_past(p, p->at, true) + 1;
    llmfi_yaml_set_key(node, &s);
    return true;
}

/* The list or mapping whose first entry stands here, and whose others stand in the same column. */
static bool llmfi_yaml_entries(llmfi_yaml *p, llmfi_node *node, bool map) {
    size_t column = p->at - p->bol;
    llmfi_node **tail = &node->child;
    node->type = map ? LLMFI_OBJECT : LLMFI_ARRAY;
    if (!llmfi_yaml_enter(p)) return false;
    for (;;) {
        const char *refused;
        llmfi_node *child = llmfi_yaml_child(p, node, &tail);
        if (!child || (map && !llmfi_yaml_key(p, child))) return false;
        if (!map) p->at++;
        if (!llmfi_yaml_value(p, column + 1, map ? LLMFI_YAML_KEY : LLMFI_YAML_ENTRY, child)) return false;
        if (llmfi_yaml_at_end(p) || (p->indent < column && !p->tab) || (!map && p->indent == column && !llmfi_yaml_dash(p))) break;
        if (p->tab) return llmfi_yaml_fail(p, p->at, llmfi_yaml_tabbed);
        if (p->indent > column) return llmfi_yaml_fail(p, p->at, llmfi_yaml_stray);
        refused = map ? llmfi_yaml_refusal(p, false) : NULL;
        if (refused) return llmfi_yaml_fail(p, p->at, refused);
        if (map && !llmfi_yaml_is_key(p))
            return llmfi_yaml_fail(p, p->at,
                                   "no key with a ':' and a space here: write key: value, or indent the line if it belongs to the value above");
    }
    p->depth--;
    return map ? llmfi_yaml_unique(p, node) : true;
}

/* Behind '-', "key:", --- or at the beginning: to the next thing that is no part of the value. [s-l+block-node] */
static bool llmfi_yaml_value(llmfi_yaml *p, size_t need, int where, llmfi_node *node) {
    const char *refused;
    llmfi_yaml_scalar s;
    bool dash, key;
    char c;
    llmfi_yaml_locate(p, node);
    llmfi_yaml_skip(p);
    dash = llmfi_yaml_dash(p);
    if (llmfi_yaml_at_end(p)) return true;
    if (p->fresh && p->indent < need && !(where == LLMFI_YAML_KEY && dash && p->indent + 1 == need)) return true;
    llmfi_yaml_locate(p, node);
    dash = dash && (p->fresh || where == LLMFI_YAML_ENTRY);
    refused = dash ? NULL : llmfi_yaml_refusal(p, false);
    if (refused) return llmfi_yaml_fail(p, p->at, refused);
    c = llmfi_yaml_peek(p, p->at);
    if (c == '|' || c == '>') return llmfi_yaml_block_scalar(p, need, node);
    if (c == '[' || c == '{') {
        if (!llmfi_yaml_flow(p, need, node)) return false;
        c = llmfi_yaml_peek(p, llmfi_yaml_past(p, p->at, true));
        return c == ':' ? llmfi_yaml_fail(p, p->at, llmfi_yaml_complex) : llmfi_yaml_finish_line(p, p->line);
    }
    key = !dash && (p->fresh || where == LLMFI_YAML_ENTRY) && llmfi_yaml_is_key(p);
    if ((dash || key) && p->tab) return llmfi_yaml_fail(p, p->at, llmfi_yaml_tabbed);
    if (dash || key) return llmfi_yaml_entries(p, node, key);
    if (!llmfi_yaml_scan_scalar(p, need, false, &s) || !llmfi_yaml_resolve(p, &s, node)) return false;
    return llmfi_yaml_finish_line(p, s.line);
}

/* ---- the whole text ---- */

static bool llmfi_yaml_document(llmfi_yaml *p, llmfi_node *root) {
    llmfi_yaml_skip(p);
    if (p->at == p->bol && llmfi_yaml_peek(p, p->at) == '%')
        return llmfi_yaml_fail(p, p->at, "directives (%YAML, %TAG) are not supported: remove the line");
    if (p->at >= p->text.len || llmfi_yaml_marker(p, p->bol) == '.')
        return llmfi_yaml_fail(p, p->at, "there is no value in this text: write one, such as {}");
    p->at = p->bol;
    if (llmfi_yaml_marker(p, p->bol) == '-') p->at += 3;
    if (!llmfi_yaml_value(p, 0, LLMFI_YAML_DOCUMENT, root)) return false;
    if (!llmfi_yaml_at_end(p)) return llmfi_yaml_fail(p, p->at, p->tab ? llmfi_yaml_tabbed : llmfi_yaml_stray);
    while (p->at == p->bol && llmfi_yaml_marker(p, p->at) == '.') {
        p->at += 3;
        if (!llmfi_yaml_finish_line(p, p->line)) return false;
    }
    return p->at >= p->text.len ? true : llmfi_yaml_fail(p, p->at, "a second document begins here: keep one in each file");
}

/* The tree of `text`, in the arena; it keeps no view of the text. NULL: *err tells. A key appears once in each mapping. */
LLMFI_UNUSED static llmfi_node *llmfi_yaml_parse(llmfi_arena *a, llmf_str text, llmfi_parse_error *err) {
    llmfi_yaml p;
    llmfi_node *root;
    memset(&p, 0, sizeof p);
    memset(err, 0, sizeof *err);
    p.arena = a;
    p.err = err;
    p.line = 1;
    p.mark = llmfi_starts(text, LLMFI_LIT("\xef\xbb\xbf")) ? 3 : 0;
    p.text = llmfi_from(text, p.mark);
    if (text.len > LLMFI_YAML_MAX_TEXT) {
        llmfi_yaml_fail(&p, 0, "more than 1 GB of text: split the file");
        return NULL;
    }
    if (!llmfi_yaml_check_bytes(&p)) return NULL;
    root = llmfi_yaml_node(&p);
    return root && llmfi_yaml_document(&p, root) ? root : NULL;
}

#endif
