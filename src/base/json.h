/* The JSON reader: pulls one token at a time out of bytes, builds nothing, owns nothing, views into the input. Strict RFC 8259,
   but that bad UTF-8 inside strings is let through and becomes U+FFFD when decoded (llmfi_json_strict refuses it). The input may
   end anywhere: the reader says MORE, and goes on where it was when there is more.

       llmfi_json_init(&j, text, true);
       if (llmfi_json_next(&j) != LLMFI_J_OBJECT) ...
       while (llmfi_json_next(&j) == LLMFI_J_KEY)
           if (LLMFI_KEY(&j, "id")) llmfi_json_next(&j), ...j.text...
           else llmfi_json_skip(&j);
*/
#ifndef LLMFI_BASE_JSON_H
#define LLMFI_BASE_JSON_H
#include "utf8.h"

/* Sixteen bytes at once where every machine of the target can (by a header that includes <stdlib.h>); LLMF_NO_SIMD=1 leaves it out. */
#if defined(__GNUC__) && defined(__SSE2__) && LLMF_HAS_STDLIB && !LLMFI_SMALL && !(defined(LLMF_NO_SIMD) && LLMF_NO_SIMD)
#define LLMFI_JSON_SSE2 1
#include <emmintrin.h>
#else
#define LLMFI_JSON_SSE2 0
#endif

/* The path of most tokens is kept short by holding what is rarer out of it. */
#define LLMFI_JSON_FAST LLMFI_FAST
#define LLMFI_JSON_SLOW LLMFI_COLD

/* How deep arrays and objects may nest, read or written. */
#ifndef LLMF_MAX_DEPTH
#define LLMF_MAX_DEPTH 128
#endif

enum {
    LLMFI_J_ERROR = -1,
    LLMFI_J_MORE = 0,                        /* the input ends inside or before a token, and `last` is not set */
    LLMFI_J_NULL,
    LLMFI_J_FALSE,
    LLMFI_J_TRUE,
    LLMFI_J_NUMBER,
    LLMFI_J_STRING,
    LLMFI_J_KEY,
    LLMFI_J_OBJECT,
    LLMFI_J_OBJECT_END,
    LLMFI_J_ARRAY,
    LLMFI_J_ARRAY_END,
    LLMFI_J_END                              /* the one value is complete and only white space followed */
};

/* Copy it freely to look ahead. Zero is no initial state: call llmfi_json_init. */
typedef struct llmfi_json {
    const char *at, *end;                    /* next byte to read, end of what is there */
    const char *from;                        /* where the piece of input began */
    uint64_t offset;                         /* of `from` in the whole input */
    size_t scanned;                          /* bytes from `at` on that an unfinished string is known to hold */
    uint32_t depth;                          /* open arrays and objects */
    uint32_t skip_depth;                     /* of a skip that waits for more input */
    uint8_t want;                            /* which tokens may come: LLMFI_JW_* */
    uint8_t item;                            /* what follows a comma here: LLMFI_JW_KEY, _VALUE, or 0 at the top */
    bool last;                               /* no byte follows `end` */
    bool escaped;                            /* text holds backslashes */
    bool wide;                               /* text may hold bytes that are not ASCII */
    int skip_token;                          /* what such a skip began with; 0: none waits */
    int token;
    llmf_str text;                           /* STRING, KEY: raw, between the quotes; NUMBER: as written. Until the bytes move */
    const char *error;                       /* what was expected; static storage */
    uint64_t error_offset;
    uint64_t objects[(LLMF_MAX_DEPTH + 63) / 64]; /* a bit for each level: set in an object */
} llmfi_json;

/* Bits of `want`. */
enum { LLMFI_JW_VALUE = 1, LLMFI_JW_KEY = 2, LLMFI_JW_CLOSE = 4, LLMFI_JW_COMMA = 8, LLMFI_JW_COLON = 16, LLMFI_JW_END = 32 };

LLMFI_UNUSED static void llmfi_json_init(llmfi_json *j, llmf_str input, bool last) {
    memset(j, 0, sizeof *j);
    j->at = j->from = input.ptr;
    j->end = input.ptr + input.len;
    j->last = last;
    j->want = LLMFI_JW_VALUE;
}

/* After MORE: `input` begins with the bytes from `at` to `end` that were not read yet, wherever they are now. */
LLMFI_UNUSED static void llmfi_json_feed(llmfi_json *j, llmf_str input, bool last) {
    j->offset += (uint64_t)(j->at - j->from);
    j->at = j->from = input.ptr;
    j->end = input.ptr + input.len;
    j->last = last;
}

/* The offset of `at` in the whole input. */
LLMFI_UNUSED static uint64_t llmfi_json_offset(const llmfi_json *j) {
    return j->offset + (uint64_t)(j->at - j->from);
}

/* The one value is complete (white space may follow). */
LLMFI_UNUSED static bool llmfi_json_done(const llmfi_json *j) {
    return j->want == LLMFI_JW_END;
}

static LLMFI_JSON_SLOW int llmfi_json_fail(llmfi_json *j, const char *at, const char *what) {
    j->error = what;
    j->error_offset = j->offset + (uint64_t)(at - j->from);
    j->want = 0; /* so that each further call fails too */
    return j->token = LLMFI_J_ERROR;
}
#if !LLMF_HAS_STRINGS
#define llmfi_json_fail(j, at, what) llmfi_json_fail((j), (at), "")
#endif

/* What would have been right where something else stands. */
LLMFI_UNUSED static LLMFI_JSON_SLOW const char *llmfi_json_wanted(const llmfi_json *j) {
    switch (j->want) {
    case LLMFI_JW_VALUE: return "a value is expected";
    case LLMFI_JW_VALUE | LLMFI_JW_CLOSE: return "a value or ] is expected";
    case LLMFI_JW_KEY: return "a key in quotes is expected";
    case LLMFI_JW_KEY | LLMFI_JW_CLOSE: return "a key in quotes or } is expected";
    case LLMFI_JW_COLON: return ": is expected";
    case LLMFI_JW_END: return "nothing may follow the value";
    default: return j->item == LLMFI_JW_KEY ? ", or } is expected" : ", or ] is expected";
    }
}

/* No byte is left: the end, an error, or not yet. */
static int llmfi_json_starve(llmfi_json *j, const char *p) {
    j->at = p;
    if (!j->want) return j->token = LLMFI_J_ERROR;
    if (!j->last) return LLMFI_J_MORE;
    if (j->want == LLMFI_JW_END) return j->token = LLMFI_J_END;
    return llmfi_json_fail(j, p, j->depth || j->want != LLMFI_JW_VALUE ? llmfi_json_wanted(j) : "a value is expected, not the end");
}

/* A token that the end of the input cuts. */
static LLMFI_JSON_SLOW int llmfi_json_cut(llmfi_json *j, const char *what) {
    return j->last ? (llmfi_json_fail)(j, j->end, what) : LLMFI_J_MORE;
}
#if !LLMF_HAS_STRINGS
#define llmfi_json_cut(j, what) ((void)(what), llmfi_json_cut((j), ""))
#endif

/* ---- strings ---- */

#define LLMFI_BYTES(c) (UINT64_C(0x0101010101010101) * (c))

/* A bit in each byte that is a quote, a backslash or a control character; exact up to the first of them (in little-endian
   order). The first two of the terms are one: c ^ 2 is below 0x21 for the quote and for what is below 0x20 only. */
LLMFI_UNUSED static uint64_t llmfi_json_special(uint64_t v) {
    return (((v ^ LLMFI_BYTES(2)) - LLMFI_BYTES(0x21)) | ((v ^ LLMFI_BYTES(0x5c)) - LLMFI_BYTES(1))) & ~v & LLMFI_ASCII_MASK;
}

/* The first quote, backslash or control character at or after p, or a place before it, less than 16 bytes from `end`. *wide is no
   longer 0 when a byte that is not ASCII was passed (or stands a little behind). */
static LLMFI_JSON_FAST const char *llmfi_json_scan_fast(const char *p, const char *end, uint64_t *wide) {
#if LLMFI_JSON_SSE2
    for (; end - p >= 16; p += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i mark = _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')), _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));
        unsigned special = (unsigned)_mm_movemask_epi8(_mm_or_si128(mark, _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(0x1f)), v)));
        *wide |= (unsigned)_mm_movemask_epi8(v);
        if (special) return p + (unsigned)__builtin_ctz(special);
    }
#elif !LLMFI_SMALL
    for (; end - p >= 8; p += 8) {
        uint64_t v = llmfi_load8(p), special = llmfi_json_special(v);
        *wide |= v & LLMFI_ASCII_MASK;
        if (!special) continue;
#if defined(__GNUC__) && defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
        return p + ((unsigned)__builtin_ctzll(special) >> 3);
#else
        while ((unsigned char)*p >= 0x20 && *p != '"' && *p != '\\') p++; /* it is one of these eight */
        return p;
#endif
    }
#else
    (void)end, (void)wide;
#endif
    return p;
}

/* The first quote, backslash or control character at or after p, or `end`. */
static const char *llmfi_json_scan(const char *p, const char *end, uint64_t *wide) {
#if LLMFI_SMALL
    for (; p < end; p++) {
#else
    const char *begin = p;
    p = llmfi_json_scan_fast(p, end, wide);
    if (end - p >= 16) return p;
    if (end - p >= 8 && !llmfi_json_special(llmfi_load8(p))) {
        *wide |= llmfi_load8(p) & LLMFI_ASCII_MASK;
        p += 8;
    }
    if (end - p <= 8 && end - begin >= 8 && !llmfi_json_special(llmfi_load8(end - 8))) { /* some of the eight once more */
        *wide |= llmfi_load8(end - 8) & LLMFI_ASCII_MASK;
        return end;
    }
    for (; p < end; p++) {
#endif
        unsigned char c = (unsigned char)*p;
        if (c == '"' || c == '\\' || c < 0x20) break;
        *wide |= c & 0x80;
    }
    return p;
}

/* The value of a hexadecimal digit, or 16. */
LLMFI_UNUSED static unsigned llmfi_hex(char c) {
    if (llmfi_is_digit(c)) return (unsigned)(c - '0');
    c = llmfi_lower(c);
    return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10) : 16;
}

/* The end of the escape at p, or NULL: *bad is the byte that is wrong, or `end` when the escape is cut. */
static const char *llmfi_json_escape_end(const char *p, const char *end, const char **bad) {
    int i;
    *bad = p + 1;
    if (*bad == end) return NULL;
    switch (p[1]) {
    case '"': case '\\': case '/': case 'b': case 'f': case 'n': case 'r': case 't': return p + 2;
    case 'u': break;
    default: return NULL;
    }
    for (i = 0; i < 4; i++) {
        ++*bad;
        if (*bad == end || llmfi_hex(**bad) > 15) return NULL;
    }
    return p + 6;
}

/* ---- structure ---- */

static bool llmfi_json_in_object(const llmfi_json *j) {
    return (j->objects[(j->depth - 1) / 64] >> ((j->depth - 1) % 64) & 1) != 0;
}

static LLMFI_JSON_SLOW int llmfi_json_open(llmfi_json *j, const char *p, bool object) {
    uint64_t bit = UINT64_C(1) << (j->depth % 64);
    if (j->depth == LLMF_MAX_DEPTH) return llmfi_json_fail(j, p, "nested too deeply (LLMF_MAX_DEPTH)");
    if (object) j->objects[j->depth / 64] |= bit;
    else j->objects[j->depth / 64] &= ~bit;
    j->depth++;
    j->at = p + 1;
    j->item = object ? LLMFI_JW_KEY : LLMFI_JW_VALUE;
    j->want = (uint8_t)(LLMFI_JW_CLOSE | j->item);
    return j->token = object ? LLMFI_J_OBJECT : LLMFI_J_ARRAY;
}

/* A value ends before p. A comma that stands right there is taken at once, so that the next call finds its token. */
static LLMFI_JSON_FAST int llmfi_json_after(llmfi_json *j, const char *p, int token) {
    bool comma = p < j->end && *p == ',' && j->item;
    j->want = comma ? j->item : j->item ? LLMFI_JW_COMMA | LLMFI_JW_CLOSE : LLMFI_JW_END;
    j->at = p + comma;
    return j->token = token;
}

static LLMFI_JSON_SLOW int llmfi_json_close(llmfi_json *j, const char *p, bool object) {
    j->depth--;
    j->item = !j->depth ? 0 : llmfi_json_in_object(j) ? LLMFI_JW_KEY : LLMFI_JW_VALUE;
    return llmfi_json_after(j, p + 1, object ? LLMFI_J_OBJECT_END : LLMFI_J_ARRAY_END);
}

/* ---- numbers and words ---- */

static const char *llmfi_json_digits(const char *p, const char *end) {
#if !LLMFI_SMALL
    while (end - p >= 8 && llmfi_eight_digits(llmfi_load8(p))) p += 8;
#endif
    while (p < end && llmfi_is_digit(*p)) p++;
    return p;
}

/* The number at p: what follows the '-', the point and the 'e' are digits, and no zero leads. */
static LLMFI_JSON_SLOW int llmfi_json_number(llmfi_json *j, const char *begin) {
    const char *p = begin, *end = j->end, *digits;
    j->at = begin;
    if (*p == '-') p++;
    digits = p;
    if (p < end && *p == '0') p++;
    else while (p < end && llmfi_is_digit(*p)) p++;
    if (p > digits && p < end && *p == '.') {
        digits = ++p;
        p = llmfi_json_digits(p, end);
    }
    if (p > digits && p < end && (*p | 0x20) == 'e') {
        p++;
        if (p < end && (*p == '+' || *p == '-')) p++;
        digits = p;
        p = llmfi_json_digits(p, end);
    }
    if (p == end && !j->last) return LLMFI_J_MORE;
    if (p == digits) return llmfi_json_fail(j, p, "a digit is expected");
    if (p < end && llmfi_is_digit(*p)) return llmfi_json_fail(j, p, "a number may not begin with 0");
    j->text = llmfi_range(begin, p);
    j->escaped = j->wide = false;
    return llmfi_json_after(j, p, LLMFI_J_NUMBER);
}

/* true, false, null. What follows the word is judged by the next call. */
static LLMFI_JSON_SLOW int llmfi_json_word(llmfi_json *j, const char *p) {
    const char *word = *p == 'n' ? "null" : *p == 'f' ? "false" : "true";
    size_t have = (size_t)(j->end - p), len = *p == 'f' ? 5 : 4;
    int token = *p == 'n' ? LLMFI_J_NULL : *p == 'f' ? LLMFI_J_FALSE : LLMFI_J_TRUE;
#if !LLMFI_SMALL
    if (have < len || memcmp(p + len - 4, word + len - 4, 4) != 0)
#endif
    {
        j->at = p;
        if (memcmp(p, word, have < len ? have : len) != 0) return llmfi_json_fail(j, p, "a value is expected: null, true, false, or text in quotes");
        if (have < len) return llmfi_json_cut(j, "a value is expected");
    }
    j->text = llmfi_str(p, len);
    j->escaped = j->wide = false;
    return llmfi_json_after(j, p + len, token);
}

/* ---- tokens ---- */

/* Behind the line end or blank at p and the blanks that follow: what stands before most tokens of a reply that is indented. It may stop early. */
static LLMFI_JSON_FAST const char *llmfi_json_indent(const char *p, const char *end) {
#if LLMFI_JSON_SSE2
    if (*p != '\n' && *p != ' ') return p;
    p++;
    if (p != end && (unsigned char)*p > ' ') return p; /* one blank, as behind a colon */
    for (; end - p >= 16; p += 16) {
        unsigned other = ~(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(const void *)p), _mm_set1_epi8(' '))) & 0xffff;
        if (other) return p + (unsigned)__builtin_ctz(other);
    }
#else
    (void)end;
#endif
    return p;
}

/* White space, commas and colons: the next byte that begins a token, or NULL (*result tells). */
static LLMFI_JSON_FAST const char *llmfi_json_seek(llmfi_json *j, const char *p, int *result) {
    const char *end = j->end;
    for (; p < end; p++) {
        if ((unsigned char)*p > ' ') {
            if (*p == ',' && (j->want & LLMFI_JW_COMMA)) j->want = j->item;
            else if (*p == ':' && (j->want & LLMFI_JW_COLON)) j->want = LLMFI_JW_VALUE;
            else return j->at = p;
        } else if (!llmfi_is_space(*p)) {
            return j->at = p;
        }
    }
    *result = llmfi_json_starve(j, p);
    return NULL;
}

/* The string or key from the quote at `open` to the one at p. */
static LLMFI_JSON_FAST int llmfi_json_string_end(llmfi_json *j, const char *open, const char *p, uint64_t wide) {
    bool colon;
    j->wide = wide != 0;
    j->text = llmfi_range(open + 1, p++);
    if (!(j->want & LLMFI_JW_KEY)) return llmfi_json_after(j, p, LLMFI_J_STRING);
    colon = p < j->end && *p == ':';
    j->want = colon ? LLMFI_JW_VALUE : LLMFI_JW_COLON;
    j->at = p + colon;
    return j->token = LLMFI_J_KEY;
}

/* The string whose quote is at `open`, known to be right up to p. */
static LLMFI_JSON_SLOW int llmfi_json_string(llmfi_json *j, const char *open, const char *p, uint64_t wide) {
    const char *end = j->end, *bad = end, *next;
    while ((p = llmfi_json_scan(p, end, &wide)) < end) {
        if (*p == '"') return llmfi_json_string_end(j, open, p, wide);
        if (*p != '\\') return llmfi_json_fail(j, p, "a control character must be escaped");
        j->escaped = true;
        next = llmfi_json_escape_end(p, end, &bad);
        if (!next && bad < end) return llmfi_json_fail(j, bad, p[1] == 'u' ? "four hexadecimal digits are expected" : "unknown escape");
        if (!next) break;
        p = next;
    }
    j->at = open;
    j->scanned = (size_t)(p - open);
    j->wide = wide != 0;
    return llmfi_json_cut(j, "the string has no end");
}

/* A string from where the input ended inside it, or from its beginning. */
static LLMFI_JSON_SLOW int llmfi_json_string_again(llmfi_json *j, const char *open) {
    size_t from = j->scanned;
    j->scanned = 0;
    if (!from) {
        from = 1;
        j->escaped = j->wide = false;
    }
    return llmfi_json_string(j, open, open + from, j->wide);
}

/* A string from its beginning: as a rule nothing in it is special. */
static LLMFI_JSON_FAST int llmfi_json_string_new(llmfi_json *j, const char *open) {
    uint64_t wide = 0;
    const char *p = llmfi_json_scan_fast(open + 1, j->end, &wide);
    j->escaped = false;
    if (p < j->end && *p == '"') return llmfi_json_string_end(j, open, p, wide);
    return llmfi_json_string(j, open, p, wide);
}

static LLMFI_JSON_SLOW int llmfi_json_unwanted(llmfi_json *j, const char *p) {
    return j->want ? llmfi_json_fail(j, p, llmfi_json_wanted(j)) : LLMFI_J_ERROR;
}

/* The token that begins at p. */
static LLMFI_JSON_FAST int llmfi_json_token(llmfi_json *j, const char *p) {
    int want = j->want;
    if ((want & LLMFI_JW_CLOSE) && *p == (j->item == LLMFI_JW_KEY ? '}' : ']')) return llmfi_json_close(j, p, *p == '}');
    if (want & LLMFI_JW_VALUE) {
        if (*p == '{' || *p == '[') return llmfi_json_open(j, p, *p == '{');
        if (*p == 'n' || *p == 't' || *p == 'f') return llmfi_json_word(j, p);
        if (*p == '-' || llmfi_is_digit(*p)) return llmfi_json_number(j, p);
    }
    if (*p == '"' && (want & (LLMFI_JW_KEY | LLMFI_JW_VALUE))) return llmfi_json_string_again(j, p);
    return llmfi_json_unwanted(j, p);
}

/* The next token, at or behind p, where it is no string, or more white space, a comma or a colon comes first. */
static LLMFI_JSON_SLOW int llmfi_json_other(llmfi_json *j, const char *p) {
    int result = 0;
    if (p == j->end || (unsigned char)*p <= ' ' || *p == ',' || *p == ':') p = llmfi_json_seek(j, p, &result);
    return p ? llmfi_json_token(j, p) : result;
}

/* The next token, or MORE (nothing of the token is consumed: keep the bytes from `at`, append, llmfi_json_feed, call again), or
   ERROR (for good; error and error_offset say what and where). */
LLMFI_UNUSED static int llmfi_json_next(llmfi_json *j) {
    const char *p = j->at;
    if (p != j->end && (unsigned char)*p <= ' ') p = llmfi_json_indent(p, j->end);
    if (p == j->end || *p != '"' || !(j->want & (LLMFI_JW_KEY | LLMFI_JW_VALUE)) || j->scanned) return llmfi_json_other(j, p);
    return llmfi_json_string_new(j, p); /* most are */
}

/* Skips one value, checking it all the same: the array or object that was just opened, or else the next value (after a key, or
   the next item). Returns what was skipped (OBJECT and ARRAY for whole ones), ..._END where the array or object around it ended
   instead, MORE (feed, and call skip again), ERROR, END. */
LLMFI_UNUSED static int llmfi_json_skip(llmfi_json *j) {
    int token;
    if (!j->skip_token) {
        if (j->token == LLMFI_J_OBJECT || j->token == LLMFI_J_ARRAY) {
            j->skip_token = j->token;
            j->skip_depth = j->depth - 1;
        } else {
            token = llmfi_json_next(j);
            if (token != LLMFI_J_OBJECT && token != LLMFI_J_ARRAY) return token;
            j->skip_token = token;
            j->skip_depth = j->depth - 1;
        }
    }
    do {
        token = llmfi_json_next(j);
        if (token <= 0) return token;
    } while (j->depth > j->skip_depth);
    token = j->skip_token;
    j->skip_token = 0;
    return token;
}

/* Instead of next, before a value: skips it and gives its bytes. MORE consumes nothing here: the value must come to stand in one
   piece. Returns as llmfi_json_skip does. */
LLMFI_UNUSED static int llmfi_json_raw(llmfi_json *j, llmf_str *raw) {
    llmfi_json ahead = *j;
    int token = 0;
    const char *begin = llmfi_json_seek(&ahead, ahead.at, &token);
    if (begin) {
        ahead.token = LLMFI_J_NULL; /* an array just opened is not what to skip: its first item is */
        ahead.scanned = 0;
        token = llmfi_json_skip(&ahead);
    }
    if (token == LLMFI_J_MORE) return token;
    *j = ahead;
    if (begin && token > 0 && token < LLMFI_J_END)
        *raw = llmfi_range(begin, j->at - (j->item && j->want == j->item)); /* not with a comma that was taken behind it */
    return token;
}

/* ---- text of tokens ---- */

/* Room that decoding the current token's text may need: a bad byte becomes three. */
LLMFI_UNUSED static size_t llmfi_json_text_max(const llmfi_json *j) {
    return j->wide && (j->text.len < 512 || !llmfi_utf8_valid(j->text, NULL)) ? j->text.len * 3 : j->text.len; /* a short text: not worth a look */
}

/* True when the raw text of the current token is its text: no backslash, and valid UTF-8. */
LLMFI_UNUSED static bool llmfi_json_plain(const llmfi_json *j) {
    return !j->escaped && (!j->wide || llmfi_utf8_valid(j->text, NULL));
}

static uint32_t llmfi_json_hex4(const char *p) {
    return (uint32_t)(llmfi_hex(p[0]) << 12 | llmfi_hex(p[1]) << 8 | llmfi_hex(p[2]) << 4 | llmfi_hex(p[3]));
}

/* Decodes the escape at *p (checked by the reader) and moves *p behind it; a surrogate pair counts as one. A lone surrogate gives
   its own number. */
static uint32_t llmfi_json_escape(const char **p, const char *end) {
    static const char plain[] = "b\bf\fn\nr\rt\t";
    const char *at = *p;
    uint32_t cp = (unsigned char)at[1];
    size_t i;
    *p = at + 2;
    if (cp == 'u') {
        cp = llmfi_json_hex4(at + 2);
        *p = at + 6;
        if (cp >= 0xd800 && cp < 0xdc00 && end - at >= 12 && at[6] == '\\' && at[7] == 'u') {
            uint32_t low = llmfi_json_hex4(at + 8);
            if (low >= 0xdc00 && low < 0xe000) {
                *p = at + 12;
                return 0x10000 + ((cp - 0xd800) << 10) + (low - 0xdc00);
            }
        }
        return cp;
    }
    for (i = 0; i < sizeof plain - 1; i += 2)
        if (at[1] == plain[i]) return (unsigned char)plain[i + 1];
    return cp;
}

/* Decodes raw text of a STRING or KEY token: lone surrogates and bad UTF-8 become U+FFFD. `to` has room for
   llmfi_json_text_max, at most 3 * raw.len, and is not in `raw`. Returns the bytes written. */
LLMFI_UNUSED static size_t llmfi_json_decode(char *to, llmf_str raw) {
    const char *p = raw.ptr, *end = raw.ptr + raw.len;
    char *begin = to;
    bool clean = !LLMFI_SMALL && llmfi_utf8_valid(raw, NULL);
    while (p < end) {
        const char *stop = (const char *)llmfi_memchr(p, '\\', (size_t)(end - p));
        if (!stop) stop = end;
        if (!clean) {
            to += llmfi_utf8_clean(to, llmfi_range(p, stop)); /* a backslash never continues a character */
        } else if (stop > p) {
            memcpy(to, p, (size_t)(stop - p));
            to += stop - p;
        }
        for (p = stop; p < end && *p == '\\';) to += llmfi_utf8_encode(to, llmfi_json_escape(&p, end));
    }
    return (size_t)(to - begin);
}

/* Appends the current token's text, decoded, to `b`. False: refused. */
LLMFI_UNUSED static bool llmfi_json_add(const llmfi_json *j, llmfi_buf *b) {
    if (llmfi_json_plain(j)) return llmfi_buf_add(b, j->text.ptr, j->text.len);
    if (!llmfi_buf_reserve(b, llmfi_json_text_max(j))) return false;
    b->len += llmfi_json_decode(b->ptr + b->len, j->text);
    return true;
}

/* The current token's text, decoded, NUL behind it, in the arena; empty when refused (look at a->failed). */
LLMFI_UNUSED static llmf_str llmfi_json_copy(const llmfi_json *j, llmfi_arena *a) {
    size_t most = llmfi_json_text_max(j);
    char *to;
    if (llmfi_json_plain(j)) return llmfi_arena_copy(a, j->text);
    to = (char *)llmfi_arena_alloc(a, most + 1);
    return to ? llmfi_str(to, llmfi_json_decode(to, j->text)) : llmfi_str("", 0);
}

/* What config and requests ask of the current token's text: valid UTF-8 and no lone surrogate. *bad_offset (may be NULL): of
   the first bad byte, or of the backslash, in the text. */
LLMFI_UNUSED static bool llmfi_json_strict(const llmfi_json *j, size_t *bad_offset) {
    const char *p = j->text.ptr, *end = p + j->text.len;
    if (j->wide && !llmfi_utf8_valid(j->text, bad_offset)) return false;
    if (!j->escaped) return true;
    while (p < end && (p = (const char *)llmfi_memchr(p, '\\', (size_t)(end - p))) != NULL) {
        const char *escape = p;
        uint32_t cp = llmfi_json_escape(&p, end);
        if (cp >= 0xd800 && cp < 0xe000) {
            if (bad_offset) *bad_offset = (size_t)(escape - j->text.ptr);
            return false;
        }
    }
    return true;
}

/* True when the current token's decoded text is `text`, which is valid UTF-8. */
LLMFI_UNUSED static bool llmfi_json_is(const llmfi_json *j, llmf_str text) {
    const char *p = j->text.ptr, *end = p + j->text.len;
    size_t at = 0;
    if (!j->escaped) return llmfi_eq(j->text, text);
    while (p < end) {
        char one[4];
        size_t n = 1;
        one[0] = *p;
        if (*p == '\\') n = llmfi_utf8_encode(one, llmfi_json_escape(&p, end));
        else p++;
        if (n > text.len - at || memcmp(one, text.ptr + at, n) != 0) return false;
        at += n;
    }
    return at == text.len;
}

/* KEY or STRING token against a literal. */
#if LLMFI_SMALL
LLMFI_UNUSED static LLMFI_COLD bool llmfi_json_key(const llmfi_json *j, const char *name) {
    return llmfi_json_is(j, llmfi_cstr(name));
}
#define LLMFI_KEY(j, lit) llmfi_json_key((j), "" lit)
#else
#define LLMFI_KEY(j, lit) ((j)->escaped ? llmfi_json_is((j), LLMFI_LIT(lit)) : LLMFI_IS((j)->text, lit))
#endif

/* ---- values and members ---- */

/* The next value: its token. An array or object is passed over whole. */
LLMFI_UNUSED static int llmfi_json_scalar(llmfi_json *j) {
    int token = llmfi_json_next(j);
    if (token == LLMFI_J_OBJECT || token == LLMFI_J_ARRAY) llmfi_json_skip(j);
    return token;
}

#if !LLMFI_SMALL
/* Instead of next, before a value: takes it where it is a whole number of at most 18 digits that stands right there or behind one blank, as counts mostly do.
   False: nothing was taken. */
LLMFI_UNUSED static bool llmfi_json_whole(llmfi_json *j, int64_t *number) {
    const char *p = j->at, *digits;
    int64_t n = 0;
    if (j->want != LLMFI_JW_VALUE) return false;
    if (p != j->end && *p == ' ') p++;
    for (digits = p; p != j->end && llmfi_is_digit(*p) && p - digits < 18; p++) n = n * 10 + (*p - '0');
    if (p == j->end || p == digits || llmfi_is_digit(*p) || *p == '.' || (*p | 0x20) == 'e' || (*digits == '0' && p - digits > 1)) return false;
    j->text = llmfi_range(digits, p);
    j->escaped = j->wide = false;
    llmfi_json_after(j, p, LLMFI_J_NUMBER);
    *number = n;
    return true;
}
#endif

/* The next value: true where it is that container (LLMFI_J_OBJECT, _ARRAY), which is now open. Anything else is passed over. */
LLMFI_UNUSED static bool llmfi_json_enter(llmfi_json *j, int container) {
    int token = llmfi_json_next(j);
    if (token == container) return true;
    if (token == LLMFI_J_OBJECT || token == LLMFI_J_ARRAY) llmfi_json_skip(j);
    return false;
}

/* The next member of the object that is open: the place of its key in a list of words that an empty one ends, or their number where it is none of them;
   below 0: there is no other member. */
LLMFI_UNUSED static int llmfi_json_pick(llmfi_json *j, const char *names) {
    size_t len;
    int at;
    if (llmfi_json_next(j) != LLMFI_J_KEY) return -1;
    for (at = 0; *names; at++, names += len + 1) {
        len = llmfi_strlen(names);
        if ((j->escaped || len == j->text.len) && llmfi_json_is(j, llmfi_str(names, len))) break;
    }
    return at;
}

/* The same where it is done often. The members are a macro, `#define MEMBERS(X) X(IN_, id) X(IN_, name)`, which makes their enumeration too:
   `enum { MEMBERS(LLMFI_MEMBER) IN_OTHER }`. The reader's name is j. */
#define LLMFI_MEMBER(in, name) in##name,
#if LLMFI_SMALL
#define LLMFI_MEMBER_WORD(in, name) #name "\0"
#define LLMFI_PICK(members, other) llmfi_json_pick(j, members(LLMFI_MEMBER_WORD))
#else
#define LLMFI_MEMBER_TRY(in, name) LLMFI_KEY(j, #name) ? (int)in##name :
#define LLMFI_PICK(members, other) (llmfi_json_next(j) != LLMFI_J_KEY ? -1 : members(LLMFI_MEMBER_TRY) (int)other)
#endif

#endif
