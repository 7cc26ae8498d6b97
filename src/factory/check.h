/* The entries of a config file, made ready: variables expanded, each key known, each value of its type and in its range. Goes on after a problem. */
#ifndef LLMFI_FACTORY_CHECK_H
#define LLMFI_FACTORY_CHECK_H
#include "../wire/url.h"
#include "env.h"
#include "names.h"
#include "record.h"
#include "sources.h"

/* What is wrong with a base URL, which may hold {region} and its like; NULL: nothing. */
LLMFI_UNUSED static const char *llmfi_url_problem(llmf_str url) {
    char text[1024];
    size_t i, n = 0;
    bool in = false;
    llmfi_url parsed;
    llmfi_url_error why;
    if (url.len >= sizeof text) return "is longer than 1023 bytes; shorten it";
    for (i = 0; i < url.len; i++) {
        if (url.ptr[i] == '{') in = true;
        else if (!in) text[n++] = url.ptr[i];
        if (url.ptr[i] != '}') continue;
        if (!in) return "has a } without a {";
        in = false;
        text[n++] = 'x';
    }
    if (in) return "has a { without a }";
    memset(&why, 0, sizeof why);
    if (!llmfi_url_parse(llmfi_str(text, n), &parsed, &why)) return why.what;
    if (llmfi_eq_nocase(parsed.scheme, LLMFI_LIT("https")) || llmfi_eq_nocase(parsed.scheme, LLMFI_LIT("http")) || llmfi_eq_nocase(parsed.scheme, LLMFI_LIT("mock")))
        return NULL;
    return "must begin with https:// or http://";
}

#if LLMF_HAS_CONFIG

/* What a value may name. */
enum { LLMFI_REFERS_PROVIDER, LLMFI_REFERS_MODEL, LLMFI_REFERS_ROUTE, LLMFI_REFERS_TARGET, LLMFI_REFERS_PROMPT }; /* TARGET: a model or a route */

/* A value that names something which may come in a later file: looked up when all is read. */
typedef struct llmfi_reference {
    llmf_str file;
    const llmfi_node *node;
    int of;                                  /* LLMFI_REFERS_… */
    bool secret;                             /* its text came from a variable: not repeated in a message */
    struct llmfi_reference *next;
} llmfi_reference;

/* All of them, in the order in which they were read. */
typedef struct llmfi_references {
    llmfi_reference *first, *last;
} llmfi_references;

/* The reading of one text. */
typedef struct llmfi_check {
    llmfi_arena *arena;
    const llmfi_env *env;
    llmfi_report *report;
    llmf_str file;                           /* as messages name it */
    bool on_disk;                            /* `file` is the path of a file, and a NUL stands behind it */
    llmfi_references *references;            /* NULL: nobody looks them up */
} llmfi_check;

/* ---- problems ---- */

static llmfi_text llmfi_check_begin(const llmfi_check *c, llmf_error *err, const llmfi_node *n) {
    return llmfi_report_begin(err, c->file, n->line, n->column, false);
}

static llmfi_text llmfi_check_begin_key(const llmfi_check *c, llmf_error *err, const llmfi_node *n) {
    return llmfi_report_begin(err, c->file, n->key_line, n->key_column, false);
}

/* "max_tokens: `what`", at the value. */
static bool llmfi_check_bad(const llmfi_check *c, const llmfi_node *n, const char *key, const char *what) {
    llmf_error err;
    llmfi_text t = llmfi_check_begin(c, &err, n);
    llmfi_say_c(&t, key);
    LLMFI_SAY(&t, " ");
    llmfi_say_c(&t, what);
    llmfi_report_end(c->report, &err, false);
    return false;
}

/* What this build cannot do, and the config asks for. */
LLMFI_UNUSED static bool llmfi_check_left_out(const llmfi_check *c, const llmfi_node *n, const char *what, const char *option) {
    llmf_error err, why;
    llmfi_text t = llmfi_check_begin(c, &err, n);
    llmfi_error_left_out(&why, what, option);
    err.code = LLMF_ERR_NOT_BUILT;
    llmfi_say_c(&t, why.text);
    llmfi_report_end(c->report, &err, false);
    return false;
}

static void llmfi_check_unknown(const llmfi_check *c, const llmfi_node *n, const char *kind, const llmfi_nearest *near_names) {
    llmf_error err;
    llmfi_text t = llmfi_check_begin_key(c, &err, n);
    LLMFI_SAY(&t, "unknown ");
    llmfi_say_c(&t, kind);
    LLMFI_SAY(&t, " ");
    llmfi_say(&t, llmfi_find_control(n->key, 0) == LLMFI_NOWHERE ? n->key : LLMFI_LIT("with a control character"));
    llmfi_nearest_say(near_names, &t);
    if (LLMFI_IS(n->key, "<<")) LLMFI_SAY(&t, ": YAML's merging is not supported; write the keys out");
    else if (!near_names->count) LLMFI_SAY(&t, "; remove it, or see docs/config.schema.json for all keys");
    llmfi_report_end(c->report, &err, false);
}

/* The key of that name; NULL, and the problem told, where there is none. */
LLMFI_UNUSED static const llmfi_key *llmfi_key_of(const llmfi_check *k, const llmfi_node *n, const char *of, const llmfi_key *keys, size_t count) {
    llmfi_nearest near_names = llmfi_nearest_to(n->key);
    size_t i;
    for (i = 0; i < count; i++)
        if (llmfi_eq(n->key, llmfi_cstr(keys[i].name))) return &keys[i];
    for (i = 0; i < count; i++) llmfi_nearest_try(&near_names, llmfi_cstr(keys[i].name));
    llmfi_check_unknown(k, n, of, &near_names);
    return NULL;
}

/* A section's form; null is one that says nothing. */
LLMFI_UNUSED static bool llmfi_wants_object(const llmfi_check *k, const llmfi_node *n, const char *what) {
    llmf_error err;
    llmfi_text t;
    if (n->type == LLMFI_OBJECT || n->type == LLMFI_NULL) return n->type == LLMFI_OBJECT;
    t = llmfi_check_begin(k, &err, n);
    llmfi_say(&t, n->key);
    llmfi_say_c(&t, what);
    llmfi_report_end(k->report, &err, false);
    return false;
}

/* ---- variables ---- */

static bool llmfi_has_hole(llmf_str s) {
    size_t i;
    for (i = 0; i + 1 < s.len; i++)
        if (s.ptr[i] == '$' && s.ptr[i + 1] == '{') return true;
    return false;
}

/* What stands between ${ and }. */
typedef struct llmfi_hole {
    llmf_str name, otherwise;
    bool has_otherwise;
    size_t end;                              /* behind the } */
} llmfi_hole;

/* The hole that begins at byte `at`; what is wrong with it, or NULL. */
static const char *llmfi_read_hole(llmf_str text, size_t at, llmfi_hole *h) {
    llmf_str in;
    size_t close = llmfi_find_char(llmfi_from(text, at), '}'), n = 0;
    memset(h, 0, sizeof *h);
    if (close == LLMFI_NOWHERE) return "${ without a }; close it, or write $${ for the characters themselves";
    in = llmfi_str(text.ptr + at + 2, close - 2);
    h->end = at + close + 1;
    while (n < in.len && llmfi_is_variable_char(in.ptr[n], n == 0)) n++;
    h->name = llmfi_str(in.ptr, n);
    in = llmfi_from(in, n);
    h->has_otherwise = llmfi_starts(in, LLMFI_LIT(":-"));
    if (h->has_otherwise) h->otherwise = llmfi_from(in, 2);
    if (h->has_otherwise && llmfi_has_hole(h->otherwise)) return "${...} inside the default of another is not supported; write the default itself";
    if (!llmfi_is_variable(h->name) || (in.len && !h->has_otherwise)) return "${...} must be ${NAME} or ${NAME:-default}; write $${ for the characters themselves";
    return NULL;
}

static bool llmfi_hole_missing(const llmfi_check *c, const llmfi_node *n, llmf_str name) {
    llmf_error err;
    llmfi_text t = llmfi_check_begin(c, &err, n);
    LLMFI_SAY(&t, "the variable ");
    llmfi_say(&t, name);
    LLMFI_SAY(&t, " is not set; set it, or write ${");
    llmfi_say(&t, name);
    LLMFI_SAY(&t, ":-default}");
    llmfi_report_end(c->report, &err, false);
    return false;
}

/* Writes the text with its holes filled to `to` (NULL: measures only). The length, or LLMFI_NOWHERE where a problem was reported. */
static size_t llmfi_fill_holes(const llmfi_check *c, const llmfi_node *n, char *to) {
    size_t at = 0, len = 0;
    while (at < n->text.len) {
        llmf_str piece = llmfi_str(n->text.ptr + at, 1);
        llmfi_hole h;
        if (llmfi_starts(llmfi_from(n->text, at), LLMFI_LIT("$${"))) {
            piece = LLMFI_LIT("${");
            at += 3;
        } else if (llmfi_starts(llmfi_from(n->text, at), LLMFI_LIT("${"))) {
            const char *what = llmfi_read_hole(n->text, at, &h);
            if (what) {
                llmfi_report_at(c->report, c->file, n->line, n->column, what);
                return LLMFI_NOWHERE;
            }
            piece = llmfi_env_get(c->env, h.name);
            if (h.has_otherwise && !piece.len) piece = h.otherwise;
            if (!piece.ptr) {
                llmfi_hole_missing(c, n, h.name);
                return LLMFI_NOWHERE;
            }
            at = h.end;
        } else {
            at++;
        }
        if (to && piece.len) memcpy(to + len, piece.ptr, piece.len);
        len += piece.len;
    }
    return len;
}

/* Expands one text in place. *from_variable is set where a variable's value is now in it. False: a problem was reported, or memory was refused. */
static bool llmfi_expand_one(const llmfi_check *c, llmfi_node *n, bool *from_variable) {
    size_t len, bad;
    char *to;
    if (n->type != LLMFI_STRING || !llmfi_has_hole(n->text)) return true;
    len = llmfi_fill_holes(c, n, NULL);
    if (len == LLMFI_NOWHERE) return false;
    to = (char *)llmfi_arena_alloc(c->arena, len + 1);
    if (!to) return false;
    llmfi_fill_holes(c, n, to);
    *from_variable = true;
    n->text = llmfi_str(to, len);
    if (llmfi_utf8_valid(n->text, &bad)) return true;
    llmfi_report_at(c->report, c->file, n->line, n->column, "a variable named here is not valid UTF-8; set it again");
    return false;
}

/* The same for all texts below. The reader has bounded the depth by LLMF_MAX_DEPTH. */
static bool llmfi_expand(const llmfi_check *c, llmfi_node *n, bool *from_variable) {
    llmfi_node *child;
    bool ok = llmfi_expand_one(c, n, from_variable);
    for (child = n->child; child; child = child->next)
        if (!llmfi_expand(c, child, from_variable)) ok = false;
    return ok;
}

/* ---- values ---- */

static bool llmfi_is_array_of_texts(const llmfi_node *n) {
    const llmfi_node *item;
    if (n->type != LLMFI_ARRAY) return false;
    for (item = n->child; item; item = item->next)
        if (item->type != LLMFI_STRING) return false;
    return true;
}

/* One text where a list may stand becomes a list of one. */
static bool llmfi_make_array(const llmfi_check *c, llmfi_node *n) {
    llmfi_node *item;
    if (n->type != LLMFI_STRING) return true;
    item = (llmfi_node *)llmfi_arena_alloc(c->arena, sizeof *item);
    if (!item) return false;
    *item = *n;
    item->next = NULL;
    item->key = llmfi_str(NULL, 0);
    n->type = LLMFI_ARRAY;
    n->child = item;
    n->count = 1;
    return true;
}

static void llmfi_say_number(llmfi_text *t, double v) {
    char digits[LLMFI_DOUBLE_TEXT];
    if (v == (double)(int64_t)v) llmfi_say_int(t, (int64_t)v);
    else llmfi_say(t, llmfi_str(digits, llmfi_print_double(digits, v)));
}

/* "max_tokens must be a whole number of at least 1". */
static bool llmfi_check_range(const llmfi_check *c, const llmfi_key *key, const llmfi_node *n, const char *what) {
    llmf_error err;
    double value = 0;
    bool number = (n->type == LLMFI_NUMBER || n->type == LLMFI_STRING) && llmfi_parse_double(n->text, &value);
    llmfi_text t = llmfi_check_begin(c, &err, n);
    llmfi_say_c(&t, key->name);
    LLMFI_SAY(&t, " must be ");
    llmfi_say_c(&t, what);
    if (key->most < 1e8 || value > key->most) {
        LLMFI_SAY(&t, " from ");
        llmfi_say_number(&t, key->least);
        LLMFI_SAY(&t, " to ");
        llmfi_say_number(&t, key->most);
    } else {
        LLMFI_SAY(&t, " of at least ");
        llmfi_say_number(&t, key->least);
    }
    if (number && n->type == LLMFI_STRING) LLMFI_SAY(&t, ", without quotes");
    llmfi_report_end(c->report, &err, false);
    return false;
}

static bool llmfi_check_number(const llmfi_check *c, const llmfi_key *key, const llmfi_node *n) {
    double value = 0;
    int64_t whole;
    bool number = n->type == LLMFI_NUMBER && llmfi_parse_double(n->text, &value) && value >= key->least && value <= key->most;
    switch (key->type) {
    case LLMFI_KEY_COUNT:
    case LLMFI_KEY_INTEGER: return (number && llmfi_parse_whole(n->text, &whole)) || llmfi_check_range(c, key, n, "a whole number");
    case LLMFI_KEY_NUMBER: return number || llmfi_check_range(c, key, n, "a number");
    case LLMFI_KEY_PRICE:
        if (!number) return llmfi_check_range(c, key, n, "a number");
        return llmfi_parse_pico(n->text, &whole) || llmfi_check_bad(c, n, key->name, "has more than six decimals; it is US dollars per million tokens");
    default: /* LLMFI_KEY_USD */
#if !LLMF_HAS_BUDGETS
        if (n) return llmfi_check_left_out(c, n, key->name, "BUDGETS");
#endif
        if (!number) return llmfi_check_range(c, key, n, "a number");
        return llmfi_parse_fixed(n->text, 12, &whole) || llmfi_check_bad(c, n, key->name, "has more than twelve decimals; round it");
    }
}

static bool llmfi_check_text(const llmfi_check *c, const llmfi_key *key, const llmfi_node *n) {
    if (n->type == LLMFI_NUMBER || n->type == LLMFI_TRUE || n->type == LLMFI_FALSE) return llmfi_check_bad(c, n, key->name, "must be a text; put it in quotes");
    if (n->type != LLMFI_STRING) return llmfi_check_bad(c, n, key->name, "must be a text, not a list or mapping");
    if (llmfi_memchr(n->text.ptr, '\0', n->text.len)) return llmfi_check_bad(c, n, key->name, "holds a NUL; remove it");
    return true;
}

static bool llmfi_check_filled(const llmfi_check *c, const llmfi_key *key, const llmfi_node *n) {
    if (!llmfi_check_text(c, key, n)) return false;
    return llmfi_trim(n->text).len == n->text.len && n->text.len ? true
           : n->text.len ? llmfi_check_bad(c, n, key->name, "begins or ends with a blank; remove it")
                         : llmfi_check_bad(c, n, key->name, "is empty; give it a value, or remove the key");
}

static bool llmfi_check_name(const llmfi_check *c, const llmfi_key *key, const llmfi_node *n) {
    if (!llmfi_check_filled(c, key, n)) return false;
    return llmfi_find_control(n->text, 0) == LLMFI_NOWHERE || llmfi_check_bad(c, n, key->name, "holds a control character; remove it");
}

static bool llmfi_check_url(const llmfi_check *c, const llmfi_key *key, llmfi_node *n) {
    const char *what;
    llmf_error err;
    llmfi_text t;
    if (!llmfi_check_filled(c, key, n)) return false;
    what = llmfi_url_problem(n->text);
    if (!what) return true;
    t = llmfi_check_begin(c, &err, n);
    llmfi_say_c(&t, key->name);
    LLMFI_SAY(&t, ": ");
    llmfi_say_c(&t, what);
    LLMFI_SAY(&t, "; write it as https://host/path");
    llmfi_report_end(c->report, &err, false);
    return false;
}

static bool llmfi_check_path(const llmfi_check *c, const llmfi_key *key, const llmfi_node *n) {
    if (!llmfi_check_filled(c, key, n)) return false;
    return (n->text.ptr[0] == '/' && llmfi_url_bad_char(n->text) == LLMFI_NOWHERE && llmfi_find_char(n->text, '#') == LLMFI_NOWHERE) ||
           llmfi_check_bad(c, n, key->name, "must be a path such as /v1/models, without blanks and #");
}

static bool llmfi_reasoning_word(llmf_str s) {
    static const char *const words[] = {"none", "minimal", "low", "medium", "high", "xhigh", "max"};
    size_t i;
    for (i = 0; i < LLMFI_COUNT(words); i++)
        if (llmfi_eq(s, llmfi_cstr(words[i]))) return true;
    return false;
}

/* A number becomes "N tokens", as llmf_request has it. */
static bool llmfi_check_reasoning(const llmfi_check *c, const llmfi_key *key, llmfi_node *n) {
    static const char what[] = "must be none, minimal, low, medium, high, xhigh, max or a number of tokens";
    llmf_str s = n->text, tail = LLMFI_LIT(" tokens");
    int64_t tokens;
    char text[LLMFI_INT_TEXT + 8];
    size_t len;
    if (n->type == LLMFI_NULL || n->type == LLMFI_FALSE) s = LLMFI_LIT("none"); /* YAML's other spellings of it */
    else if (n->type != LLMFI_STRING && n->type != LLMFI_NUMBER) return llmfi_check_bad(c, n, key->name, what);
    if (llmfi_reasoning_word(s)) {
        n->type = LLMFI_STRING;
        n->text = llmfi_arena_copy(c->arena, s);
        return true;
    }
    if (llmfi_ends(s, tail)) s.len -= tail.len;
    if (!llmfi_parse_whole(s, &tokens) || tokens < 1 || tokens > 1000000000) return llmfi_check_bad(c, n, key->name, what);
    len = llmfi_print_int(text, tokens);
    memcpy(text + len, tail.ptr, tail.len);
    n->type = LLMFI_STRING;
    n->text = llmfi_arena_copy(c->arena, llmfi_str(text, len + tail.len));
    return true;
}

static bool llmfi_check_time(const llmfi_check *c, const llmfi_key *key, llmfi_node *n) {
    int64_t ms;
    if ((n->type == LLMFI_STRING || n->type == LLMFI_NUMBER) && llmfi_parse_time(n->text, &ms)) return true;
    return llmfi_check_bad(c, n, key->name, "must be a time above 0 such as 30s, 500ms or 2m (a bare number is seconds), or none");
}

static bool llmfi_check_texts(const llmfi_check *c, const llmfi_key *key, llmfi_node *n) {
    const llmfi_node *item;
    if (!llmfi_make_array(c, n)) return false;
    if (!llmfi_is_array_of_texts(n)) return llmfi_check_bad(c, n, key->name, "must be a text or a list of texts");
    for (item = n->child; item; item = item->next)
        if (!item->text.len || llmfi_memchr(item->text.ptr, '\0', item->text.len)) return llmfi_check_bad(c, item, key->name, "has a text that is empty or holds a NUL; remove it");
    return true;
}

static bool llmfi_refer(const llmfi_check *c, const llmfi_node *n, int of, bool secret) {
    llmfi_references *all = c->references;
    llmfi_reference *r;
    if (!all) return true;
    r = (llmfi_reference *)llmfi_arena_alloc(c->arena, sizeof *r);
    if (!r) return false;
    r->file = c->file;
    r->node = n;
    r->of = of;
    r->secret = secret;
    if (all->last) all->last->next = r;
    else all->first = r;
    all->last = r;
    return true;
}

static bool llmfi_check_names(const llmfi_check *c, const llmfi_key *key, llmfi_node *n, bool secret) {
    const llmfi_node *item;
    bool ok = llmfi_check_texts(c, key, n);
    for (item = ok ? n->child : NULL; item; item = item->next)
        if (!llmfi_refer(c, item, LLMFI_REFERS_MODEL, secret)) ok = false;
    return ok;
}

static bool llmfi_header_ours(llmf_str name) {
    return llmfi_word_in_nocase("host\0content-length\0content-type\0transfer-encoding\0connection\0", name) >= 0;
}

static bool llmfi_check_headers(const llmfi_check *c, const llmfi_key *key, llmfi_node *n) {
    llmfi_node *h;
    bool ok = true;
    if (n->type != LLMFI_OBJECT) return llmfi_check_bad(c, n, key->name, "must be a mapping of header names to texts");
    for (h = n->child; h; h = h->next) {
        if (h->type != LLMFI_STRING) ok = llmfi_check_bad(c, h, key->name, "has a value that is not a text; put it in quotes");
        else if (llmfi_header_bad_name(h->key) != LLMFI_NOWHERE) ok = llmfi_check_bad(c, h, key->name, "has a name with a character that no header has; use letters, digits and -");
        else if (llmfi_header_bad_value(h->text) != LLMFI_NOWHERE) ok = llmfi_check_bad(c, h, key->name, "has a value with a line break or control character; remove it");
        if (llmfi_header_ours(h->key)) ok = llmfi_check_bad(c, h, key->name, "has a header that the library sets itself; remove it");
    }
    return ok;
}

static bool llmfi_check_quirks(const llmfi_check *c, const llmfi_key *key, llmfi_node *n, bool secret) {
    const llmfi_node *q;
    bool ok = llmfi_make_array(c, n);
    size_t i;
    if (n->type != LLMFI_OBJECT && !llmfi_is_array_of_texts(n)) return llmfi_check_bad(c, n, key->name, "must be a list of names, or a mapping of names to true or false");
    for (q = n->child; q; q = q->next) {
        llmf_error err;
        llmfi_text t;
        llmfi_nearest near_names;
        llmf_str name = n->type == LLMFI_OBJECT ? q->key : q->text;
        if (n->type == LLMFI_OBJECT && q->type != LLMFI_TRUE && q->type != LLMFI_FALSE) ok = llmfi_check_bad(c, q, key->name, "has a value that must be true or false");
        if (llmfi_quirk_bit(name)) continue;
        near_names = llmfi_nearest_to(name);
        for (i = 0; i < LLMFI_QUIRK_COUNT; i++) llmfi_nearest_try(&near_names, llmfi_cstr(llmfi_word_at(llmfi_quirk_names, (int)i)));
        t = n->type == LLMFI_OBJECT ? llmfi_check_begin_key(c, &err, q) : llmfi_check_begin(c, &err, q);
        LLMFI_SAY(&t, "unknown quirk ");
        llmfi_say(&t, secret ? LLMFI_LIT("(from a variable)") : name);
        llmfi_nearest_say(&near_names, &t);
        if (!near_names.count) LLMFI_SAY(&t, "; remove it, or see docs/config.schema.json for all quirks");
        llmfi_report_end(c->report, &err, false);
        ok = false;
    }
    return ok;
}

static bool llmfi_check_can(const llmfi_check *c, const llmfi_key *key, llmfi_node *n) {
    const llmfi_node *item;
    if (!llmfi_check_texts(c, key, n)) return false;
    for (item = n->child; item; item = item->next)
        if (!llmfi_capability(item->text))
            return llmfi_check_bad(c, item, key->name, "must be of: tools, images, audio, files, reasoning, schema, embeddings, transcription");
    return true;
}

static bool llmfi_check_causes(const llmfi_check *c, const llmfi_key *key, llmfi_node *n) {
    const llmfi_node *item;
    if (!llmfi_check_texts(c, key, n)) return false;
    for (item = n->child; item; item = item->next)
        if (!llmfi_cause(item->text))
            return llmfi_check_bad(c, item, key->name, "must be any, or of: rate_limit, quota, context_length, content_filter, timeout, server, auth, not_found, bad_request");
    return true;
}

static bool llmfi_check_variable(const llmfi_check *c, const llmfi_key *key, const llmfi_node *n) {
    return llmfi_is_variable(n->text) || llmfi_check_bad(c, n, key->name, "must be the name of a variable (letters, digits and _), not the key itself");
}

static bool llmfi_check_variables(const llmfi_check *c, const llmfi_key *key, llmfi_node *n) {
    const llmfi_node *item;
    bool ok = llmfi_check_texts(c, key, n);
    for (item = ok ? n->child : NULL; item; item = item->next)
        if (!llmfi_check_variable(c, key, item)) ok = false;
    return ok;
}

/* A value that came from a variable is a text: where a number or a truth value is wanted, it is read as one. */
static void llmfi_retype(const llmfi_key *key, llmfi_node *n) {
    double number;
    bool numeric = key->type == LLMFI_KEY_INTEGER || key->type == LLMFI_KEY_COUNT || key->type == LLMFI_KEY_NUMBER || key->type == LLMFI_KEY_PRICE || key->type == LLMFI_KEY_USD || key->type == LLMFI_KEY_QUALITY;
    if (numeric && n->type == LLMFI_STRING && llmfi_parse_double(n->text, &number)) n->type = LLMFI_NUMBER;
}

static bool llmfi_check_share(const llmfi_check *c, const llmfi_key *key, const llmfi_node *n) {
    double value;
    return (n->type == LLMFI_NUMBER && llmfi_parse_double(n->text, &value) && value >= key->least && value <= key->most) || llmfi_check_range(c, key, n, "a number");
}

/* One for all use cases, or one for each. */
static bool llmfi_check_quality(const llmfi_check *c, const llmfi_key *key, llmfi_node *n, bool from_variable) {
    llmfi_node *item;
    bool ok = true;
    if (n->type == LLMFI_NUMBER) return llmfi_check_share(c, key, n);
    if (n->type != LLMFI_OBJECT || !n->child) return llmfi_check_bad(c, n, key->name, "must be a number from 0 to 1, or a mapping of use cases to such numbers");
    for (item = n->child; item; item = item->next) {
        if (from_variable) llmfi_retype(key, item);
        if (!llmfi_check_share(c, key, item)) ok = false;
    }
    return ok;
}

/* {header: X-Key, prefix: "Token "}: what stands before the key may be left out. */
static bool llmfi_check_own_auth(const llmfi_check *c, const llmfi_key *key, const llmfi_node *n) {
    const llmfi_node *m, *header = llmfi_member(n, LLMFI_LIT("header"));
    for (m = n->child; m; m = m->next) {
        if (!LLMFI_IS(m->key, "header") && !LLMFI_IS(m->key, "prefix")) return llmfi_check_bad(c, m, key->name, "as a mapping has the keys header and prefix, and no others");
        if (m->type != LLMFI_STRING || llmfi_header_bad_value(m->text) != LLMFI_NOWHERE)
            return llmfi_check_bad(c, m, key->name, "has a header or prefix that is not a text without line breaks; put it in quotes");
    }
    if (!header || !header->text.len) return llmfi_check_bad(c, n, key->name, "as a mapping needs the key header: the header's name, such as X-Key");
    if (llmfi_header_bad_name(header->text) != LLMFI_NOWHERE) return llmfi_check_bad(c, header, key->name, "names a header with a character that no header has");
    return !llmfi_header_ours(header->text) || llmfi_check_bad(c, header, key->name, "names a header that the library sets itself; the key needs another one");
}

static bool llmfi_check_auth(const llmfi_check *c, const llmfi_key *key, const llmfi_node *n) {
    if (n->type == LLMFI_OBJECT) return llmfi_check_own_auth(c, key, n);
    if (!llmfi_check_text(c, key, n)) return false;
    return llmfi_find_auth(n->text) >= 0 || llmfi_check_bad(c, n, key->name, "must be one of: none, bearer, x-api-key, api-key, x-goog-api-key, x-portkey-api-key, aws; or {header: X-Key, prefix: \"Token \"}");
}

/* A dialect that a program registers is not known here: only what looks like a slip is refused. */
static bool llmfi_check_dialect(const llmfi_check *c, const llmfi_key *key, llmfi_node *n, bool secret) {
    llmf_error err;
    llmfi_text t;
    llmfi_nearest near_names;
    int row, i;
    if (!llmfi_check_filled(c, key, n)) return false;
    row = llmfi_find_dialect_row(n->text);
    if (row >= 0) {
        n->text = llmfi_dialect_name(row);
        return true;
    }
    near_names = llmfi_nearest_to(n->text);
    for (i = 0; i < LLMFI_DIALECT_COUNT; i++) llmfi_nearest_try(&near_names, llmfi_dialect_name(i));
    t = llmfi_report_begin(&err, c->file, n->line, n->column, near_names.count == 0);
    LLMFI_SAY(&t, "unknown dialect");
    if (!secret) {
        LLMFI_SAY(&t, " ");
        llmfi_say(&t, n->text);
    }
    llmfi_nearest_say(&near_names, &t);
    if (!near_names.count) LLMFI_SAY(&t, "; it must be registered with llmf_register_dialect before the provider is used");
    llmfi_report_end(c->report, &err, near_names.count == 0);
    return near_names.count == 0;
}

static bool llmfi_check_secret(const llmfi_check *c, const llmfi_key *key, const llmfi_node *n, bool from_variable) {
    llmf_error err;
    llmfi_text t;
    if (!llmfi_check_filled(c, key, n)) return false;
    if (llmfi_header_bad_value(n->text) != LLMFI_NOWHERE) return llmfi_check_bad(c, n, key->name, "holds a line break or control character; look at how it is stored");
    if (from_variable) return true;
    t = llmfi_report_begin(&err, c->file, n->line, n->column, true);
    llmfi_say_c(&t, key->name);
    LLMFI_SAY(&t, " stands in the file as it is; never share this file; ");
    if (c->on_disk && llmfi_source_others_read(c->file)) LLMFI_SAY(&t, "others on this machine may read it: chmod 600; ");
    LLMFI_SAY(&t, "better name a variable: ");
    if (llmfi_strcmp(key->name, "api_key") == 0) LLMFI_SAY(&t, "api_key_env_var, or ");
    llmfi_say_c(&t, key->name);
    LLMFI_SAY(&t, ": ${NAME}");
    llmfi_report_end(c->report, &err, true);
    return true;
}

#if !LLMF_HAS_SECRETS
/* Keys that are fetched, of which this build knows the names only. */
static bool llmfi_check_fetched(const llmfi_check *c, const llmfi_key *key, const llmfi_node *n) {
    static const char names[] = "api_key_file\0api_key_secret_name\0api_key_command\0";
    llmf_error err, why;
    llmfi_text t;
    if (n->type == LLMFI_NULL || llmfi_word_in(names, llmfi_cstr(key->name)) < 0) return true;
    llmfi_error_left_out(&why, key->name, "SECRETS");
    t = llmfi_report_begin(&err, c->file, n->line, n->column, false);
    llmfi_say_c(&t, why.text);
    err.code = LLMF_ERR_NOT_BUILT;
    llmfi_report_end(c->report, &err, false);
    return false;
}
#else
#define llmfi_check_fetched(c, key, n) true
#endif

static bool llmfi_check_value(const llmfi_check *c, const llmfi_key *key, llmfi_node *n) {
    bool from_variable = false;
    if (!llmfi_check_fetched(c, key, n)) return false;
    if (!llmfi_expand(c, n, &from_variable)) return false;
    if (from_variable) llmfi_retype(key, n);
    if (n->type == LLMFI_NULL && key->type != LLMFI_KEY_REASONING) return true;
    switch (key->type) {
    case LLMFI_KEY_TEXT: return key->model == LLMFI_KEY_APART ? llmfi_check_name(c, key, n) : llmfi_check_text(c, key, n);
    case LLMFI_KEY_MODEL: return llmfi_check_filled(c, key, n);
    case LLMFI_KEY_PROVIDER: return llmfi_check_name(c, key, n) && llmfi_refer(c, n, LLMFI_REFERS_PROVIDER, from_variable);
    case LLMFI_KEY_SECRET: return llmfi_check_secret(c, key, n, from_variable);
    case LLMFI_KEY_VARIABLE: return llmfi_check_text(c, key, n) && llmfi_check_variable(c, key, n);
    case LLMFI_KEY_VARIABLES: return llmfi_check_variables(c, key, n);
    case LLMFI_KEY_CAUSES: return llmfi_check_causes(c, key, n);
    case LLMFI_KEY_URL: return llmfi_check_url(c, key, n);
    case LLMFI_KEY_PATH: return llmfi_check_path(c, key, n);
    case LLMFI_KEY_REASONING: return llmfi_check_reasoning(c, key, n);
    case LLMFI_KEY_DIALECT: return llmfi_check_dialect(c, key, n, from_variable);
    case LLMFI_KEY_AUTH: return llmfi_check_auth(c, key, n);
    case LLMFI_KEY_TIME: return llmfi_check_time(c, key, n);
    case LLMFI_KEY_TEXTS: return llmfi_check_texts(c, key, n);
    case LLMFI_KEY_NAMES: return llmfi_check_names(c, key, n, from_variable);
    case LLMFI_KEY_HEADERS: return llmfi_check_headers(c, key, n);
    case LLMFI_KEY_OBJECT: return n->type == LLMFI_OBJECT || llmfi_check_bad(c, n, key->name, "must be a mapping");
    case LLMFI_KEY_QUALITY: return llmfi_check_quality(c, key, n, from_variable);
    case LLMFI_KEY_QUIRKS: return llmfi_check_quirks(c, key, n, from_variable);
    case LLMFI_KEY_CAN: return llmfi_check_can(c, key, n);
    default: return llmfi_check_number(c, key, n);
    }
}

/* ---- entries ---- */

static void llmfi_unknown_key(const llmfi_check *c, const llmfi_node *n, int of, const char *const *more, size_t more_count) {
    llmfi_nearest near_names = llmfi_nearest_to(n->key);
    size_t i;
    if (llmfi_find_key(n->key, of == LLMFI_OF_MODEL ? LLMFI_OF_PROVIDER : LLMFI_OF_MODEL)) {
        llmf_error err;
        llmfi_text t = llmfi_check_begin_key(c, &err, n);
        LLMFI_SAY(&t, "the key ");
        llmfi_say(&t, n->key);
        llmfi_say(&t, of == LLMFI_OF_MODEL ? LLMFI_LIT(" belongs to a provider; put it into an entry of providers") : LLMFI_LIT(" belongs to a model; put it into an entry of models"));
        llmfi_report_end(c->report, &err, false);
        return;
    }
    for (i = 0; i < LLMFI_COUNT(llmfi_keys); i++)
        if (llmfi_key_place(&llmfi_keys[i], of) != LLMFI_KEY_NONE) llmfi_nearest_try(&near_names, llmfi_cstr(llmfi_keys[i].name));
    for (i = 0; i < more_count; i++) llmfi_nearest_try(&near_names, llmfi_cstr(more[i]));
    llmfi_check_unknown(c, n, "key", &near_names);
}

/* Checks a model's or provider's entry. A member that is wrong is taken out, so that what stays can be used. `more`: names of keys that are no keys of
   it but might have been meant. False: something was wrong. */
LLMFI_UNUSED static bool llmfi_check_entry(const llmfi_check *c, llmfi_node *entry, int of, const char *const *more, size_t more_count) {
    llmfi_node **link;
    bool ok = true;
    if (entry->type != LLMFI_OBJECT) return llmfi_check_bad(c, entry, "an entry", of == LLMFI_OF_MODEL ? "must be a mapping with the keys of a model" : "must be a mapping with the keys of a provider");
    for (link = &entry->child; *link;) {
        const llmfi_key *key = llmfi_find_key((*link)->key, of);
        if (!key) llmfi_unknown_key(c, *link, of, more, more_count);
        if (key && llmfi_check_value(c, key, *link)) {
            link = &(*link)->next;
            continue;
        }
        ok = false;
        *link = (*link)->next;
        entry->count--;
    }
    return ok;
}

#endif
#endif
