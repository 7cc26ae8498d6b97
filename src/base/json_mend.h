/* The JSON that an answer of a model holds: as it stands, in a fence, between other words; and, where it is not quite JSON, mended. Mended is only what can mean one thing:
   a comma before a closing bracket, comments, text in single quotes, keys without quotes, True, False and None, control characters in text, and a missing end: what was open
   is closed, a text ends where it was cut, a number that may lack digits and a key without its value are dropped. All else (a comma or a quote that is missing) is refused. */
#ifndef LLMFI_BASE_JSON_MEND_H
#define LLMFI_BASE_JSON_MEND_H
#include "json_tree.h"

/* ---- finding ---- */

/* The text between the first two fences; empty: there is none. */
LLMFI_UNUSED static llmf_str llmfi_fenced(llmf_str text) {
    llmf_str fence = LLMFI_LIT("```"), rest;
    size_t from = llmfi_find_nocase(text, fence), n;
    if (from == LLMFI_NOWHERE) return llmfi_str("", 0);
    rest = llmfi_from(text, from + fence.len);
    n = llmfi_find_char(rest, '\n'); /* the language */
    if (n == LLMFI_NOWHERE) return llmfi_str("", 0);
    rest = llmfi_from(rest, n + 1);
    n = llmfi_find_nocase(rest, fence);
    return llmfi_trim(llmfi_str(rest.ptr, n == LLMFI_NOWHERE ? rest.len : n));
}

/* From the first bracket to the last one of its kind. */
LLMFI_UNUSED static llmf_str llmfi_bracketed(llmf_str text) {
    size_t from = 0, to = text.len;
    char close;
    while (from < text.len && text.ptr[from] != '{' && text.ptr[from] != '[') from++;
    if (from == text.len) return llmfi_str("", 0);
    close = text.ptr[from] == '{' ? '}' : ']';
    while (to > from && text.ptr[to - 1] != close) to--;
    return llmfi_str(text.ptr + from, to - from);
}

/* The JSON value that an answer holds: all of it, what is fenced, or what is in brackets. */
LLMFI_UNUSED static bool llmfi_find_json(llmf_str text, llmf_str *value) {
    *value = llmfi_trim(text);
    if (llmfi_json_valid(*value)) return true;
    *value = llmfi_fenced(text);
    if (value->len && llmfi_json_valid(*value)) return true;
    *value = llmfi_bracketed(text);
    return value->len && llmfi_json_valid(*value);
}

#if LLMF_HAS_STRUCTURED

/* ---- mending ---- */

/* What was done to a value: those of llmf_response.json_repaired. */
enum { LLMFI_JSON_FOUND = 1, LLMFI_JSON_MENDED = 2, LLMFI_JSON_CUT = 4 };

enum { LLMFI_MEND_VALUE, LLMFI_MEND_KEY, LLMFI_MEND_COLON, LLMFI_MEND_NEXT };

typedef struct llmfi_mender {
    const char *at, *end;
    llmfi_buf *out;
    size_t member;                           /* how long `out` was before the member or item under way, its comma included */
    uint32_t depth;
    int want;                                /* LLMFI_MEND_… */
    int done;                                /* LLMFI_JSON_… */
    bool comma;                              /* the last token was one: nothing may close behind it */
    bool content;                            /* a member or an item has come: this is no bracket of a sentence */
    bool failed;
    uint64_t objects[(LLMF_MAX_DEPTH + 63) / 64], filled[(LLMF_MAX_DEPTH + 63) / 64]; /* a bit for each level */
} llmfi_mender;

static bool llmfi_mend_bit(const uint64_t *bits, uint32_t depth) {
    return (bits[(depth - 1) / 64] >> ((depth - 1) % 64) & 1) != 0;
}

static void llmfi_mend_set(uint64_t *bits, uint32_t depth, bool on) {
    uint64_t bit = UINT64_C(1) << ((depth - 1) % 64);
    if (on) bits[(depth - 1) / 64] |= bit;
    else bits[(depth - 1) / 64] &= ~bit;
}

static bool llmfi_mend_put(llmfi_mender *m, const char *bytes, size_t len) {
    if (!llmfi_buf_add(m->out, bytes, len)) m->failed = true;
    return !m->failed;
}

static bool llmfi_mend_fail(llmfi_mender *m) {
    m->failed = true;
    return false;
}

/* Blanks and comments. */
static void llmfi_mend_blank(llmfi_mender *m) {
    for (;;) {
        while (m->at < m->end && llmfi_is_space(*m->at)) m->at++;
        if (m->end - m->at < 2 || *m->at != '/' || (m->at[1] != '/' && m->at[1] != '*')) return;
        m->done |= LLMFI_JSON_MENDED;
        if (m->at[1] == '/') {
            while (m->at < m->end && *m->at != '\n') m->at++;
        } else {
            for (m->at += 2; m->at < m->end && !(*m->at == '*' && m->end - m->at > 1 && m->at[1] == '/'); m->at++) continue;
            m->at += m->end - m->at > 1 ? 2 : 0;
        }
    }
}

/* Before a member or an item. */
static bool llmfi_mend_begin(llmfi_mender *m) {
    m->member = m->out->len;
    m->comma = false;
    if (m->depth && llmfi_mend_bit(m->filled, m->depth) && !llmfi_mend_put(m, ",", 1)) return false;
    if (m->depth) llmfi_mend_set(m->filled, m->depth, true);
    return true;
}

/* A value has ended. */
static void llmfi_mend_after(llmfi_mender *m) {
    m->want = LLMFI_MEND_NEXT;
    if (m->depth) m->content = true;
}

/* The member or item under way is not to be had. */
static void llmfi_mend_drop(llmfi_mender *m) {
    m->out->len = m->member;
    m->done |= LLMFI_JSON_CUT;
}

/* An escape at m->at. False: it is none, or cut (m->at is then the end). */
static bool llmfi_mend_escape(llmfi_mender *m) {
    const char *bad, *next = llmfi_json_escape_end(m->at, m->end, &bad);
    if (m->end - m->at >= 2 && m->at[1] == '\'') {
        m->done |= LLMFI_JSON_MENDED;
        m->at += 2;
        return llmfi_mend_put(m, "'", 1);
    }
    if (!next && bad == m->end) {
        m->at = m->end;
        return false;
    }
    if (!next) return llmfi_mend_fail(m);
    if (!llmfi_mend_put(m, m->at, (size_t)(next - m->at))) return false;
    m->at = next;
    return true;
}

static bool llmfi_mend_control(llmfi_mender *m, char c) {
    static const char hex[] = "0123456789abcdef";
    char text[6] = {'\\', 'u', '0', '0', '0', '0'};
    m->at++;
    m->done |= LLMFI_JSON_MENDED;
    if (c == '\n') return llmfi_mend_put(m, "\\n", 2);
    if (c == '\t') return llmfi_mend_put(m, "\\t", 2);
    text[4] = hex[(unsigned char)c >> 4];
    text[5] = hex[c & 15];
    return llmfi_mend_put(m, text, 6);
}

/* Where the text was cut between the halves of a pair, the first half goes. */
static void llmfi_mend_half(llmfi_mender *m, size_t from) {
    const char *p;
    size_t i, slashes = 0;
    if (m->out->len < from + 6) return;
    p = m->out->ptr + m->out->len - 6;
    if (p[0] != '\\' || p[1] != 'u' || llmfi_lower(p[2]) != 'd' || llmfi_hex(p[3]) < 8 || llmfi_hex(p[3]) > 11) return;
    for (i = m->out->len - 6; i > from && m->out->ptr[i - 1] == '\\'; i--) slashes++;
    if (slashes % 2 == 0) m->out->len -= 6;
}

/* Text from its quote on. False: failed; *cut: it has no end. */
static bool llmfi_mend_string(llmfi_mender *m, bool *cut) {
    char quote = *m->at++;
    size_t from;
    if (!llmfi_mend_put(m, "\"", 1)) return false;
    from = m->out->len;
    if (quote == '\'') m->done |= LLMFI_JSON_MENDED;
    while (m->at < m->end && *m->at != quote) {
        const char *p = m->at;
        while (p < m->end && *p != quote && *p != '"' && *p != '\\' && (unsigned char)*p >= 0x20) p++;
        if (!llmfi_mend_put(m, m->at, (size_t)(p - m->at))) return false;
        m->at = p;
        if (p == m->end || *p == quote) break;
        if (*p == '\\') (void)llmfi_mend_escape(m);
        else if (*p == '"') m->at++, llmfi_mend_put(m, "\\\"", 2);
        else llmfi_mend_control(m, *p);
        if (m->failed) return false;
    }
    *cut = m->at == m->end;
    if (*cut) llmfi_mend_half(m, from);
    else m->at++;
    return llmfi_mend_put(m, "\"", 1);
}

static bool llmfi_mend_letter(char c) {
    return (llmfi_lower(c) >= 'a' && llmfi_lower(c) <= 'z') || c == '_' || c == '$';
}

static bool llmfi_mend_word(llmfi_mender *m) {
    static const char words[] = "true\0false\0null\0True\0False\0None\0";
    const char *p = m->at;
    llmf_str word;
    int i;
    while (p < m->end && (llmfi_mend_letter(*p) || llmfi_is_digit(*p))) p++;
    word = llmfi_range(m->at, p);
    for (i = 0; i < 6; i++) {
        llmf_str full = llmfi_cstr(llmfi_word_at(words, i));
        if (!llmfi_eq(full, word) && !(p == m->end && word.len && llmfi_starts(full, word))) continue;
        if (i > 2) m->done |= LLMFI_JSON_MENDED;
        if (word.len < full.len) m->done |= LLMFI_JSON_CUT;
        m->at = p;
        full = llmfi_cstr(llmfi_word_at(words, i % 3));
        llmfi_mend_after(m);
        return llmfi_mend_put(m, full.ptr, full.len);
    }
    return llmfi_mend_fail(m);
}

static bool llmfi_mend_number(llmfi_mender *m) {
    const char *p = m->at;
    llmfi_json j;
    while (p < m->end && (llmfi_is_digit(*p) || *p == '-' || *p == '+' || *p == '.' || (*p | 32) == 'e')) p++;
    if (p == m->end) { /* more digits may have been meant */
        llmfi_mend_drop(m);
        m->at = p;
        m->want = LLMFI_MEND_NEXT;
        return true;
    }
    llmfi_json_init(&j, llmfi_range(m->at, p), true);
    if (llmfi_json_next(&j) != LLMFI_J_NUMBER || llmfi_json_next(&j) != LLMFI_J_END || !llmfi_mend_put(m, m->at, (size_t)(p - m->at))) return llmfi_mend_fail(m);
    m->at = p;
    llmfi_mend_after(m);
    return true;
}

static bool llmfi_mend_open(llmfi_mender *m, bool object) {
    if (m->depth == LLMF_MAX_DEPTH) return llmfi_mend_fail(m);
    m->depth++;
    llmfi_mend_set(m->objects, m->depth, object);
    llmfi_mend_set(m->filled, m->depth, false);
    m->want = object ? LLMFI_MEND_KEY : LLMFI_MEND_VALUE;
    return llmfi_mend_put(m, m->at++, 1);
}

static bool llmfi_mend_close(llmfi_mender *m) {
    if (!m->depth || *m->at != (llmfi_mend_bit(m->objects, m->depth) ? '}' : ']')) return llmfi_mend_fail(m);
    if (m->comma) m->done |= LLMFI_JSON_MENDED;
    m->comma = false;
    m->depth--;
    llmfi_mend_after(m);
    return llmfi_mend_put(m, m->at++, 1);
}

static bool llmfi_mend_key(llmfi_mender *m) {
    const char *p = m->at;
    bool cut = false;
    if (*p == '}') return llmfi_mend_close(m);
    if (!llmfi_mend_begin(m)) return false;
    if (*p == '"' || *p == '\'') {
        if (!llmfi_mend_string(m, &cut)) return false;
    } else if (llmfi_mend_letter(*p)) {
        while (p < m->end && (llmfi_mend_letter(*p) || llmfi_is_digit(*p) || *p == '-')) p++;
        if (!llmfi_mend_put(m, "\"", 1) || !llmfi_mend_put(m, m->at, (size_t)(p - m->at)) || !llmfi_mend_put(m, "\"", 1)) return false;
        m->done |= LLMFI_JSON_MENDED;
        m->at = p;
    } else {
        return llmfi_mend_fail(m);
    }
    m->want = LLMFI_MEND_COLON;
    return true;
}

static bool llmfi_mend_value(llmfi_mender *m) {
    bool cut = false;
    char c = *m->at;
    if (c == ']') return llmfi_mend_close(m);
    if (!(m->depth && llmfi_mend_bit(m->objects, m->depth)) && !llmfi_mend_begin(m)) return false; /* a member began with its key */
    if (c == '{' || c == '[') return llmfi_mend_open(m, c == '{');
    if (c == '-' || llmfi_is_digit(c)) return llmfi_mend_number(m);
    if (c != '"' && c != '\'') return llmfi_mend_word(m);
    if (!llmfi_mend_string(m, &cut)) return false;
    if (cut) m->done |= LLMFI_JSON_CUT;
    llmfi_mend_after(m);
    return true;
}

static bool llmfi_mend_step(llmfi_mender *m) {
    switch (m->want) {
    case LLMFI_MEND_KEY: return llmfi_mend_key(m);
    case LLMFI_MEND_VALUE: return llmfi_mend_value(m);
    case LLMFI_MEND_COLON:
        m->want = LLMFI_MEND_VALUE;
        return *m->at++ == ':' ? llmfi_mend_put(m, ":", 1) : llmfi_mend_fail(m);
    default:
        if (*m->at != ',') return llmfi_mend_close(m);
        m->at++;
        m->comma = true;
        m->want = llmfi_mend_bit(m->objects, m->depth) ? LLMFI_MEND_KEY : LLMFI_MEND_VALUE;
        return true;
    }
}

/* The array or object that begins at the bracket at text.ptr, as JSON behind what `out` has. True: it ends before m->at, and m->done tells what it took. False: it cannot be
   mended, or (out->failed… is the heap's to know) there is no memory. The text is valid UTF-8. */
LLMFI_UNUSED static bool llmfi_mend_json(llmfi_mender *m, llmf_str text, llmfi_buf *out) {
    memset(m, 0, sizeof *m);
    m->at = text.ptr;
    m->end = text.ptr + text.len;
    m->out = out;
    do {
        llmfi_mend_blank(m);
        if (m->at == m->end) break;
        if (!llmfi_mend_step(m)) return false;
    } while (m->depth);
    if (!m->depth) return true;
    m->done |= LLMFI_JSON_CUT;
    if (m->want == LLMFI_MEND_COLON || (m->want == LLMFI_MEND_VALUE && llmfi_mend_bit(m->objects, m->depth))) llmfi_mend_drop(m);
    for (; m->depth; m->depth--)
        if (!llmfi_mend_put(m, llmfi_mend_bit(m->objects, m->depth) ? "}" : "]", 1)) return false;
    return true;
}

#endif
#endif
