/* URLs of providers, and the names and values of request headers: what may go onto the wire. Views into the caller's text. */
#ifndef LLMFI_WIRE_URL_H
#define LLMFI_WIRE_URL_H
#include "../base/json.h"
#include "../base/out.h"

typedef struct llmfi_url {
    llmf_str scheme;                         /* as typed: compare without case */
    llmf_str authority;                      /* host[:port] as typed: the value of Host */
    llmf_str host;                           /* without the brackets of an IPv6 literal */
    llmf_str target;                         /* path and query together. Empty or from its '?' on where there is no path: a request then says '/' before it */
    llmf_str path;                           /* empty, or from its '/' to before the '?' */
    llmf_str query;                          /* without its '?' */
    uint16_t port;                           /* the scheme's where none is given; 0: neither */
    bool ipv6;
} llmfi_url;

/* ---- characters ---- */

/* What an ASCII character may be: LLMFI_CHAR_… together. All others may be nothing of it. */
enum {
    LLMFI_CHAR_TOKEN = 1,                    /* in a header's name (RFC 9110, 5.6.2) */
    LLMFI_CHAR_URL = 2,                      /* in a URL as it is sent: visible */
    LLMFI_CHAR_UNRESERVED = 4,               /* in a URL wherever it stands (RFC 3986, 2.3) */
    LLMFI_CHAR_ALNUM = 8,
    LLMFI_CHAR_HEX = 16
};
static const unsigned char llmfi_chars[LLMFI_SMALL ? 128 : 256] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
     0,  3,  2,  3,  3,  3,  3,  3,  2,  2,  3,  3,  2,  7,  7,  2, /*   ! " # $ % & ' ( ) * + , - . / */
    31, 31, 31, 31, 31, 31, 31, 31, 31, 31,  2,  2,  2,  2,  2,  2, /* 0 to 9 : ; < = > ? */
     2, 31, 31, 31, 31, 31, 31, 15, 15, 15, 15, 15, 15, 15, 15, 15, /* @ A to O */
    15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15,  2,  2,  2,  3,  7, /* P to Z [ \ ] ^ _ */
     3, 31, 31, 31, 31, 31, 31, 15, 15, 15, 15, 15, 15, 15, 15, 15, /* ` a to o */
    15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15,  2,  3,  2,  7,  0, /* p to z { | } ~ */
};

LLMFI_UNUSED static bool llmfi_char_is(char c, unsigned kind) {
    unsigned at = (unsigned char)c;
    return at < sizeof llmfi_chars && (llmfi_chars[at] & kind) != 0;
}

#if LLMFI_JSON_SSE2
/* 0xff in each byte of v from `low` to `high`, less than 128 of them: moved down to the lowest signed numbers, they are below one limit. */
static LLMFI_JSON_FAST __m128i llmfi_bytes_from_to(__m128i v, int low, int high) {
    return _mm_cmplt_epi8(_mm_sub_epi8(v, _mm_set1_epi8((char)(low - 128))), _mm_set1_epi8((char)(high - low - 127)));
}

/* How many bytes at the front are a letter, a digit or '-', which are of every kind but HEX. Sixteen at a time: may stop early. */
static LLMFI_JSON_FAST size_t llmfi_plain_span(const unsigned char *s, size_t len) {
    size_t i;
    for (i = 0; len - i >= 16; i += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(s + i));
        __m128i letter = llmfi_bytes_from_to(_mm_or_si128(v, _mm_set1_epi8(0x20)), 'a', 'z');
        __m128i good = _mm_or_si128(_mm_or_si128(letter, llmfi_bytes_from_to(v, '0', '9')), _mm_cmpeq_epi8(v, _mm_set1_epi8('-')));
        unsigned other = ~(unsigned)_mm_movemask_epi8(good) & 0xffff;
        if (other) return i + (unsigned)__builtin_ctz(other);
    }
    return i;
}
#endif

/* Offset of the first byte that is not of this kind (one of them), or the text's length. */
LLMFI_UNUSED static size_t llmfi_char_span(llmf_str text, unsigned kind) {
    size_t i = 0;
#if !LLMFI_SMALL
    const unsigned char *t = llmfi_chars, *s = (const unsigned char *)text.ptr;
#if LLMFI_JSON_SSE2
    if (kind & (LLMFI_CHAR_TOKEN | LLMFI_CHAR_URL | LLMFI_CHAR_UNRESERVED)) i = llmfi_plain_span(s, text.len);
    if (i < text.len && !(t[s[i]] & kind)) return i;
#endif
    while (text.len - i >= 4 && (t[s[i]] & t[s[i + 1]] & t[s[i + 2]] & t[s[i + 3]] & kind)) i += 4;
#endif
    while (i < text.len && llmfi_char_is(text.ptr[i], kind)) i++;
    return i;
}

/* True when one of these eight bytes is a control character: below 0x20, or DEL (subtraction borrows into the top bit). */
LLMFI_UNUSED static bool llmfi_control_in(const char *eight) {
    const uint64_t ones = UINT64_MAX / 255;
    uint64_t w, del;
    memcpy(&w, eight, 8);
    del = w ^ ones * 0x7F;
    return ((((w - ones * 0x20) & ~w) | ((del - ones) & ~del)) & ones * 0x80) != 0;
}

#if LLMFI_JSON_SSE2
/* Offset of the first control character at or behind `from`, or a place before it, less than 16 bytes from the end. */
static LLMFI_JSON_FAST size_t llmfi_control_fast(llmf_str text, size_t from) {
    size_t i;
    for (i = from; i + 16 <= text.len; i += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(text.ptr + i));
        unsigned control = (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(0x1f)), v), _mm_cmpeq_epi8(v, _mm_set1_epi8(0x7f))));
        if (control) return i + (unsigned)__builtin_ctz(control);
    }
    return i;
}
#endif

/* Offset of the first control character at or behind `from`, or LLMFI_NOWHERE. */
LLMFI_UNUSED static size_t llmfi_find_control(llmf_str text, size_t from) {
    size_t i = from;
#if LLMFI_JSON_SSE2
    i = llmfi_control_fast(text, i);
#endif
    while (i + 8 <= text.len && !llmfi_control_in(text.ptr + i)) i += 8;
    if (i + 8 > text.len && text.len - from >= 8 && !llmfi_control_in(text.ptr + text.len - 8)) return LLMFI_NOWHERE;
    for (; i < text.len; i++)
        if ((unsigned char)text.ptr[i] < 0x20 || text.ptr[i] == 0x7F) return i;
    return LLMFI_NOWHERE;
}

/* Offset of the first byte that may not stand in a header's name, or LLMFI_NOWHERE. */
LLMFI_UNUSED static size_t llmfi_header_bad_name(llmf_str name) {
    size_t n = llmfi_char_span(name, LLMFI_CHAR_TOKEN);
    return n == name.len && n ? LLMFI_NOWHERE : n;
}

/* The same of its value: control characters other than tab, so CR, LF and NUL above all. */
LLMFI_UNUSED static size_t llmfi_header_bad_value(llmf_str value) {
    size_t i = llmfi_find_control(value, 0);
    while (i != LLMFI_NOWHERE && value.ptr[i] == '\t') i = llmfi_find_control(value, i + 1);
    return i;
}

LLMFI_UNUSED static bool llmfi_header_ok(llmf_str name, llmf_str value) {
    return llmfi_header_bad_name(name) == LLMFI_NOWHERE && llmfi_header_bad_value(value) == LLMFI_NOWHERE;
}

/* Offset of the first byte that may not stand in a URL as it is sent (blanks, control characters, all that is not ASCII), or LLMFI_NOWHERE. */
LLMFI_UNUSED static LLMFI_SHORT size_t llmfi_url_bad_char(llmf_str text) {
    size_t n = llmfi_char_span(text, LLMFI_CHAR_URL);
    return n == text.len ? LLMFI_NOWHERE : n;
}

/* Names by their shape: a bit for each length (from 32 on less that), in the word of their last letter's low three bits. Tells most other names apart without a look
   at the rest. */
typedef struct llmfi_name_shapes { uint32_t lengths[8]; } llmfi_name_shapes;

/* May the name, which is not empty, be one of these? */
LLMFI_UNUSED static bool llmfi_shape_in(const llmfi_name_shapes *s, llmf_str name) {
    return name.len < 64 && (s->lengths[(unsigned char)name.ptr[name.len - 1] & 7] >> (name.len & 31) & 1);
}

/* ---- parsing ---- */

/* What is wrong with a URL; static texts, which never hold a part of it. */
typedef struct llmfi_url_error {
    const char *what;
    size_t offset;
} llmfi_url_error;

static LLMFI_COLD bool llmfi_url_refuse(llmfi_url_error *e, const char *what, size_t offset) {
    e->what = what;
    e->offset = offset;
    return false;
}
#if !LLMF_HAS_STRINGS
#define llmfi_url_refuse(e, what, at) ((void)(at), llmfi_url_refuse((e), "", 0))
#endif

/* Length of the scheme at the front of a URL, or 0. */
static size_t llmfi_url_scheme(llmf_str text) {
    size_t i = 0;
    while (i < text.len && (llmfi_char_is(text.ptr[i], LLMFI_CHAR_ALNUM) || (i && llmfi_memchr("+-.", text.ptr[i], 3)))) i++;
    return i && !llmfi_is_digit(text.ptr[0]) && llmfi_starts(llmfi_from(text, i), LLMFI_LIT("://")) ? i : 0;
}

LLMFI_UNUSED static uint16_t llmfi_url_default_port(llmf_str scheme) {
    if (LLMFI_NAMED(scheme, "https")) return 443;
    return LLMFI_NAMED(scheme, "http") ? 80 : 0;
}

/* `port` is what stands behind the colon; false when it is no number from 1 to 65535. */
static bool llmfi_url_port(llmf_str port, uint16_t *out) {
    unsigned n = 0;
    size_t i;
    for (i = 0; i < port.len && n <= 65535; i++) {
        if (!llmfi_is_digit(port.ptr[i])) return false;
        n = n * 10 + (unsigned)(port.ptr[i] - '0');
    }
    *out = (uint16_t)n;
    return n >= 1 && n <= 65535;
}

/* Host and port out of url->authority, which begins at byte `base` of the text. */
static bool llmfi_url_authority(llmfi_url *url, size_t base, llmfi_url_error *e) {
    llmf_str a = url->authority;
    size_t i = 0, end;
    url->ipv6 = a.len && a.ptr[0] == '[';
    if (url->ipv6) {
        for (i = 1; i < a.len && (llmfi_char_is(a.ptr[i], LLMFI_CHAR_HEX) || a.ptr[i] == ':' || a.ptr[i] == '.');) i++;
        if (i == a.len || a.ptr[i] != ']' || i < 3 || i > 46) return llmfi_url_refuse(e, "not an IPv6 address in brackets", base + i);
        url->host = llmfi_str(a.ptr + 1, i - 1);
        if (llmfi_find_char(url->host, ':') == LLMFI_NOWHERE) return llmfi_url_refuse(e, "not an IPv6 address in brackets", base + 1);
        end = i + 1;
    } else {
        i = llmfi_char_span(a, LLMFI_CHAR_UNRESERVED);
        if (!i) return llmfi_url_refuse(e, "the URL has no host", base);
        if (i > 253) return llmfi_url_refuse(e, "the host is longer than 253 characters", base + 253);
        url->host = llmfi_str(a.ptr, i);
        end = i;
    }
    if (end == a.len) return true;
    if (a.ptr[end] != ':') return llmfi_url_refuse(e, "a character that no host has", base + end);
    return llmfi_url_port(llmfi_from(a, end + 1), &url->port) || llmfi_url_refuse(e, "the port is not a number from 1 to 65535", base + end + 1);
}

/* scheme://host[:port][/path][?query]. A user name or password, a fragment, blanks and bytes outside ASCII are refused. */
LLMFI_UNUSED static bool llmfi_url_parse(llmf_str text, llmfi_url *url, llmfi_url_error *e) {
    size_t bad = llmfi_url_bad_char(text), n = llmfi_url_scheme(text), from = n + 3, end, q;
    memset(url, 0, sizeof *url);
    if (bad != LLMFI_NOWHERE) return llmfi_url_refuse(e, "a blank, a control character or a byte that needs percent-encoding", bad);
    if (!n) return llmfi_url_refuse(e, "the URL does not begin with a scheme such as https://", 0);
    bad = llmfi_find_char(text, '#');
    if (bad != LLMFI_NOWHERE) return llmfi_url_refuse(e, "a fragment (#) has no place here", bad);
    url->scheme = llmfi_str(text.ptr, n);
    url->port = llmfi_url_default_port(url->scheme);
    for (end = from; end < text.len && text.ptr[end] != '/' && text.ptr[end] != '?';) end++;
    url->authority = llmfi_str(text.ptr + from, end - from);
    bad = llmfi_find_char(url->authority, '@');
    if (bad != LLMFI_NOWHERE) return llmfi_url_refuse(e, "a user name or password does not belong in a URL: use a header or api_key", from);
    url->target = llmfi_from(text, end);
    q = llmfi_find_char(url->target, '?');
    url->path = llmfi_str(url->target.ptr, q == LLMFI_NOWHERE ? url->target.len : q);
    url->query = llmfi_from(url->target, q == LLMFI_NOWHERE ? url->target.len : q + 1);
    return llmfi_url_authority(url, from, e);
}

/* The URL taken apart last: as a rule the next one is the same. Zero is the initial state. */
typedef struct llmfi_url_last {
    llmfi_url url;
#if !LLMFI_SMALL
    size_t len;                              /* of the text; 0: none is remembered */
    char text[256];
#endif
} llmfi_url_last;

/* The parts of a URL that has a port, as long as `text` and until the next question; NULL: it is none. */
LLMFI_UNUSED static const llmfi_url *llmfi_url_again(llmfi_url_last *last, llmf_str text) {
    llmfi_url_error bad;
#if !LLMFI_SMALL
    size_t len = text.len <= sizeof last->text ? text.len : 0;
    if (len && llmfi_eq(llmfi_str(last->text, last->len), text)) return &last->url;
    if (len) text = llmfi_str((const char *)memcpy(last->text, text.ptr, len), len);
    last->len = 0;
#endif
    if (!llmfi_url_parse(text, &last->url, &bad) || !last->url.port) return NULL;
#if !LLMFI_SMALL
    last->len = len;
#endif
    return &last->url;
}

/* The same server, so that a key sent to the one may go to the other. */
LLMFI_UNUSED static bool llmfi_url_same_origin(const llmfi_url *a, const llmfi_url *b) {
    return llmfi_eq_nocase(a->scheme, b->scheme) && llmfi_eq_nocase(a->host, b->host) && a->ipv6 == b->ipv6 && a->port == b->port;
}

/* ---- building ---- */

/* Adds `text` with all but the unreserved characters of RFC 3986 percent-encoded: a query's value. False when out's memory is. */
LLMFI_UNUSED static bool llmfi_url_encode(llmfi_buf *out, llmf_str text) {
    static const char hex[] = "0123456789ABCDEF";
    size_t i;
    char *to;
    if (text.len > (size_t)-1 / 8 || !llmfi_buf_reserve(out, text.len * 3)) return false;
    to = out->ptr ? out->ptr + out->len : NULL;
    for (i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (llmfi_char_is(text.ptr[i], LLMFI_CHAR_UNRESERVED)) {
            *to++ = text.ptr[i];
        } else {
            *to++ = '%';
            *to++ = hex[c >> 4];
            *to++ = hex[c & 15];
        }
    }
    if (to) out->len = (size_t)(to - out->ptr);
    return true;
}

/* The same to an `out`: a part of a path. */
LLMFI_UNUSED static void llmfi_url_put(llmfi_out *out, llmf_str text) {
    static const char hex[] = "0123456789ABCDEF";
    size_t i;
    for (i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (llmfi_char_is(text.ptr[i], LLMFI_CHAR_UNRESERVED)) {
            llmfi_put_char(out, text.ptr[i]);
        } else {
            llmfi_put_char(out, '%');
            llmfi_put_char(out, hex[c >> 4]);
            llmfi_put_char(out, hex[c & 15]);
        }
    }
}

/* The same as llmfi_url_encode for one segment of a path. A segment that would leave its place (empty, "." or "..") is refused: a model's name
   must not choose another endpoint. */
LLMFI_UNUSED static bool llmfi_url_segment(llmfi_buf *out, llmf_str text) {
    if (!text.len || LLMFI_IS(text, ".") || LLMFI_IS(text, "..")) return false;
    return llmfi_url_encode(out, text);
}

/* Adds base and path with exactly one slash between them. A query of the base stays behind the path; one of the path is joined to it by '&'. */
LLMFI_UNUSED static bool llmfi_url_join(llmfi_buf *out, llmf_str base, llmf_str path) {
    size_t q = llmfi_find_char(base, '?'), pq = llmfi_find_char(path, '?');
    llmf_str front = llmfi_str(base.ptr, q == LLMFI_NOWHERE ? base.len : q), query = llmfi_from(base, q == LLMFI_NOWHERE ? base.len : q + 1);
    llmf_str name = llmfi_str(path.ptr, pq == LLMFI_NOWHERE ? path.len : pq), more = llmfi_from(path, pq == LLMFI_NOWHERE ? path.len : pq + 1);
    bool slash = front.len && front.ptr[front.len - 1] == '/', ok;
    if (slash && name.len && name.ptr[0] == '/') front.len--;
    ok = llmfi_buf_add(out, front.ptr, front.len);
    if (!slash && name.len && name.ptr[0] != '/') ok = ok && llmfi_buf_add(out, "/", 1);
    ok = ok && llmfi_buf_add(out, name.ptr, name.len);
    if (query.len || more.len) ok = ok && llmfi_buf_add(out, "?", 1);
    ok = ok && llmfi_buf_add(out, query.ptr, query.len);
    if (query.len && more.len) ok = ok && llmfi_buf_add(out, "&", 1);
    return ok && llmfi_buf_add(out, more.ptr, more.len);
}

#endif
