/* AWS Signature Version 4 in headers ("Create a signed AWS API request"), with HMAC-SHA-256. Pure: the time is an argument, nothing is held: canonical request
   and string to sign are written to an llmfi_out, which hashes or counts them.
   Signed is what is given: path and query as they go onto the wire, and those headers that the caller names, Host and X-Amz-Date among them. */
#ifndef LLMFI_WIRE_SIGV4_H
#define LLMFI_WIRE_SIGV4_H
#include "../base/hash.h"
#include "../base/out.h"
#include "url.h"

#define LLMFI_SIGV4_TIME 16                  /* bytes of "20150830T123600Z" */
#define LLMFI_SIGV4_HEX 64                   /* of a digest or signature in hexadecimal */
#define LLMFI_SIGV4_UNSIGNED "UNSIGNED-PAYLOAD"

/* Texts stay the caller's. */
typedef struct llmfi_aws_keys {
    llmf_str id, secret;
    llmf_str token;                          /* of a session: the value of X-Amz-Security-Token; empty: none */
} llmfi_aws_keys;

typedef struct llmfi_sigv4 {
    llmf_str method, path, query;            /* path: empty is "/"; query: without its '?' */
    const llmf_header *headers;
    size_t header_count;
    llmf_str region, service;
    llmf_str payload;                        /* the body's digest in lower-case hexadecimal, or LLMFI_SIGV4_UNSIGNED */
    llmfi_aws_keys keys;
    bool once;                               /* S3: the path is encoded once. Every other service signs the path as sent, encoded again: %3A as %253A */
    bool as_is;                              /* S3 too: empty, "." and ".." segments stay */
    char time[LLMFI_SIGV4_TIME + 1];         /* see llmfi_sigv4_time */
} llmfi_sigv4;

/* ---- time ---- */

static void llmfi_two_digits(char *to, int value) {
    to[0] = (char)('0' + value / 10 % 10);
    to[1] = (char)('0' + value % 10);
}

/* Milliseconds since 1970 as X-Amz-Date has them. Days to a date: each era of 400 years has 146,097 days, counted from the first of March. */
LLMFI_UNUSED static void llmfi_sigv4_time(char to[LLMFI_SIGV4_TIME + 1], int64_t wall_ms) {
    int64_t seconds = wall_ms / 1000, days, era, day, year;
    int month, of_day;
    if (seconds < 0) seconds = 0;
    if (seconds > INT64_C(253402300799)) seconds = INT64_C(253402300799); /* the end of the year 9999 */
    of_day = (int)(seconds % 86400);
    days = seconds / 86400 + 719468;
    era = days / 146097;
    day = days % 146097;
    year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    day -= 365 * year + year / 4 - year / 100;
    month = (int)((5 * day + 2) / 153);
    day -= (153 * month + 2) / 5;
    year += era * 400 + (month >= 10);
    llmfi_two_digits(to, (int)(year / 100));
    llmfi_two_digits(to + 2, (int)(year % 100));
    llmfi_two_digits(to + 4, month < 10 ? month + 3 : month - 9);
    llmfi_two_digits(to + 6, (int)day + 1);
    to[8] = 'T';
    llmfi_two_digits(to + 9, of_day / 3600);
    llmfi_two_digits(to + 11, of_day / 60 % 60);
    llmfi_two_digits(to + 13, of_day % 60);
    to[15] = 'Z';
    to[16] = '\0';
}

static llmf_str llmfi_sigv4_date(const llmfi_sigv4 *s) {
    return llmfi_str(s->time, 8);
}

/* ---- the path ---- */

/* One byte at the front of an encoded text; what %XX stands for where that is there. */
static unsigned char llmfi_url_byte(llmf_str *s) {
    unsigned high = s->len > 2 && s->ptr[0] == '%' ? llmfi_hex(s->ptr[1]) : 16, low = high < 16 ? llmfi_hex(s->ptr[2]) : 16;
    unsigned char c = low < 16 ? (unsigned char)(high << 4 | low) : (unsigned char)s->ptr[0];
    *s = llmfi_from(*s, low < 16 ? 3 : 1);
    return c;
}

/* The same text encoded as AWS wants it, whichever way it was. */
static void llmfi_sigv4_again(llmfi_out *o, llmf_str s) {
    while (s.len) {
        char c = (char)llmfi_url_byte(&s);
        llmfi_url_put(o, llmfi_str(&c, 1));
    }
}

/* The next segment of a path, without the slash before it. */
static llmf_str llmfi_path_segment(llmf_str *path) {
    llmf_str s = llmfi_from(*path, path->len && path->ptr[0] == '/' ? 1 : 0);
    size_t slash = llmfi_find_char(s, '/');
    if (slash != LLMFI_NOWHERE) s.len = slash;
    *path = llmfi_range(s.ptr + s.len, path->ptr + path->len);
    return s;
}

static bool llmfi_path_dots(llmf_str segment) {
    return !segment.len || LLMFI_IS(segment, ".") || LLMFI_IS(segment, "..");
}

/* A ".." of `rest` takes back the segment that stands before it. */
static bool llmfi_path_taken_back(llmf_str rest) {
    size_t depth = 0;
    while (rest.len) {
        llmf_str s = llmfi_path_segment(&rest);
        if (!llmfi_path_dots(s)) depth++;
        else if (LLMFI_IS(s, "..") && depth-- == 0) return true;
    }
    return false;
}

static void llmfi_sigv4_path(const llmfi_sigv4 *s, llmfi_out *o) {
    llmf_str path = s->path, segment = llmfi_str("", 0);
    while (path.len) {
        segment = llmfi_path_segment(&path);
        if (!s->as_is && (llmfi_path_dots(segment) || llmfi_path_taken_back(path))) continue;
        LLMFI_PUT(o, "/");
        if (s->once) llmfi_sigv4_again(o, segment);
        else llmfi_url_put(o, segment);
    }
    if (s->as_is ? !s->path.len : llmfi_path_dots(segment)) LLMFI_PUT(o, "/");
}

/* ---- the query ---- */

/* One parameter: what stands before its '=' and behind it. */
typedef struct llmfi_parameter {
    llmf_str name, value;
    size_t at;                               /* which one it is, for those that are alike */
} llmfi_parameter;

/* The next one; false: there is none. */
static bool llmfi_query_next(llmf_str *query, llmfi_parameter *p) {
    llmf_str one;
    size_t end, equals;
    while (query->len && query->ptr[0] == '&') *query = llmfi_from(*query, 1);
    if (!query->len) return false;
    end = llmfi_find_char(*query, '&');
    one = llmfi_str(query->ptr, end == LLMFI_NOWHERE ? query->len : end);
    *query = llmfi_from(*query, one.len);
    equals = llmfi_find_char(one, '=');
    p->name = llmfi_str(one.ptr, equals == LLMFI_NOWHERE ? one.len : equals);
    p->value = llmfi_from(one, equals == LLMFI_NOWHERE ? one.len : equals + 1);
    p->at++;
    return true;
}

/* What a byte is in the order of encoded texts: its own place, or that of its '%'. */
static int llmfi_url_rank(unsigned char c) {
    return llmfi_char_is((char)c, LLMFI_CHAR_UNRESERVED) ? c * 256 : '%' * 256 + c;
}

static int llmfi_url_order(llmf_str a, llmf_str b) {
    while (a.len && b.len) {
        int difference = llmfi_url_rank(llmfi_url_byte(&a)) - llmfi_url_rank(llmfi_url_byte(&b));
        if (difference) return difference;
    }
    return (a.len != 0) - (b.len != 0);
}

static int llmfi_parameter_order(const llmfi_parameter *a, const llmfi_parameter *b) {
    int order = llmfi_url_order(a->name, b->name);
    if (!order) order = llmfi_url_order(a->value, b->value);
    return order ? order : (a->at > b->at) - (a->at < b->at);
}

/* By name, then by value: each time the least of those behind the last. */
static void llmfi_sigv4_query(const llmfi_sigv4 *s, llmfi_out *o) {
    llmfi_parameter last, least, p;
    size_t put;
    memset(&last, 0, sizeof last);
    for (put = 0;; put++) {
        llmf_str query = s->query;
        bool found = false;
        p.at = 0;
        while (llmfi_query_next(&query, &p)) {
            if ((put && llmfi_parameter_order(&p, &last) <= 0) || (found && llmfi_parameter_order(&p, &least) >= 0)) continue;
            least = p;
            found = true;
        }
        if (!found) return;
        if (put) LLMFI_PUT(o, "&");
        llmfi_sigv4_again(o, least.name);
        LLMFI_PUT(o, "=");
        llmfi_sigv4_again(o, least.value);
        last = least;
    }
}

/* ---- headers ---- */

static int llmfi_order_nocase(llmf_str a, llmf_str b) {
    size_t i;
    for (i = 0; i < a.len && i < b.len; i++) {
        int difference = (unsigned char)llmfi_lower(a.ptr[i]) - (unsigned char)llmfi_lower(b.ptr[i]);
        if (difference) return difference;
    }
    return (a.len > b.len) - (a.len < b.len);
}

/* The first header of the least name behind `last` (NULL: of all); NULL: there is none. */
static const llmf_header *llmfi_sigv4_header(const llmfi_sigv4 *s, const llmf_header *last) {
    const llmf_header *least = NULL;
    size_t i;
    for (i = 0; i < s->header_count; i++) {
        const llmf_header *h = &s->headers[i];
        if ((!last || llmfi_order_nocase(h->name, last->name) > 0) && (!least || llmfi_order_nocase(h->name, least->name) < 0)) least = h;
    }
    return least;
}

static void llmfi_put_lower(llmfi_out *o, llmf_str s) {
    size_t i;
    for (i = 0; i < s.len; i++) llmfi_put_char(o, llmfi_lower(s.ptr[i]));
}

/* Without blanks at its ends, each run of them one blank. */
static void llmfi_sigv4_value(llmfi_out *o, llmf_str s) {
    size_t i;
    s = llmfi_trim(s);
    for (i = 0; i < s.len; i++)
        if (!llmfi_is_space(s.ptr[i])) llmfi_put_char(o, s.ptr[i]);
        else if (!llmfi_is_space(s.ptr[i - 1])) LLMFI_PUT(o, " ");
}

/* Those of one name are one, their values in the order in which they are sent. */
static void llmfi_sigv4_headers(const llmfi_sigv4 *s, llmfi_out *o) {
    const llmf_header *h = NULL;
    size_t i;
    while ((h = llmfi_sigv4_header(s, h)) != NULL) {
        bool more = false;
        llmfi_put_lower(o, h->name);
        LLMFI_PUT(o, ":");
        for (i = 0; i < s->header_count; i++) {
            if (!llmfi_eq_nocase(s->headers[i].name, h->name)) continue;
            if (more) LLMFI_PUT(o, ",");
            llmfi_sigv4_value(o, s->headers[i].value);
            more = true;
        }
        LLMFI_PUT(o, "\n");
    }
}

static void llmfi_sigv4_signed_headers(const llmfi_sigv4 *s, llmfi_out *o) {
    const llmf_header *h = NULL, *next;
    while ((next = llmfi_sigv4_header(s, h)) != NULL) {
        if (h) LLMFI_PUT(o, ";");
        llmfi_put_lower(o, next->name);
        h = next;
    }
}

/* ---- what is signed, and the signature ---- */

LLMFI_UNUSED static void llmfi_sigv4_canonical(const llmfi_sigv4 *s, llmfi_out *o) {
    llmfi_put_str(o, s->method);
    LLMFI_PUT(o, "\n");
    llmfi_sigv4_path(s, o);
    LLMFI_PUT(o, "\n");
    llmfi_sigv4_query(s, o);
    LLMFI_PUT(o, "\n");
    llmfi_sigv4_headers(s, o);
    LLMFI_PUT(o, "\n");
    llmfi_sigv4_signed_headers(s, o);
    LLMFI_PUT(o, "\n");
    llmfi_put_str(o, s->payload);
}

static void llmfi_sigv4_scope(const llmfi_sigv4 *s, llmfi_out *o) {
    llmfi_put_str(o, llmfi_sigv4_date(s));
    LLMFI_PUT(o, "/");
    llmfi_put_str(o, s->region);
    LLMFI_PUT(o, "/");
    llmfi_put_str(o, s->service);
    LLMFI_PUT(o, "/aws4_request");
}

/* The digest of what `write` writes, in hexadecimal. */
static void llmfi_sigv4_digest(const llmfi_sigv4 *s, void (*write)(const llmfi_sigv4 *, llmfi_out *), char hex[LLMFI_SIGV4_HEX]) {
    unsigned char digest[LLMFI_SHA256];
    llmfi_sha256 hash;
    llmfi_out o;
    llmfi_sha256_init(&hash);
    llmfi_out_count(&o);
    o.tap = llmfi_sha256_tap;
    o.tap_user = &hash;
    write(s, &o);
    llmfi_sha256_end(&hash, digest);
    llmfi_hex_lower(hex, digest, sizeof digest);
}

LLMFI_UNUSED static void llmfi_sigv4_to_sign(const llmfi_sigv4 *s, llmfi_out *o) {
    char hex[LLMFI_SIGV4_HEX];
    LLMFI_PUT(o, "AWS4-HMAC-SHA256\n");
    llmfi_put(o, s->time, LLMFI_SIGV4_TIME);
    LLMFI_PUT(o, "\n");
    llmfi_sigv4_scope(s, o);
    LLMFI_PUT(o, "\n");
    llmfi_sigv4_digest(s, llmfi_sigv4_canonical, hex);
    llmfi_put(o, hex, sizeof hex);
}

/* key = HMAC of `text` under `front` and key. */
static void llmfi_sigv4_step(unsigned char key[LLMFI_SHA256], llmf_str front, llmf_str secret, llmf_str text) {
    llmfi_hmac m;
    llmfi_hmac_init(&m, front, secret);
    llmfi_hmac_add(&m, text.ptr, text.len);
    llmfi_hmac_end(&m, key);
    llmfi_wipe(llmfi_str((const char *)&m, sizeof m));
}

static void llmfi_sigv4_tap(void *user, const char *bytes, size_t len) {
    llmfi_hmac_add((llmfi_hmac *)user, bytes, len);
}

/* 64 hexadecimal digits, no NUL. */
LLMFI_UNUSED static void llmfi_sigv4_sign(const llmfi_sigv4 *s, char signature[LLMFI_SIGV4_HEX]) {
    unsigned char key[LLMFI_SHA256] = {0};
    llmf_str all = llmfi_str((const char *)key, sizeof key), none = llmfi_str("", 0);
    llmfi_hmac m;
    llmfi_out o;
    llmfi_sigv4_step(key, LLMFI_LIT("AWS4"), s->keys.secret, llmfi_sigv4_date(s));
    llmfi_sigv4_step(key, none, all, s->region);
    llmfi_sigv4_step(key, none, all, s->service);
    llmfi_sigv4_step(key, none, all, LLMFI_LIT("aws4_request"));
    llmfi_hmac_init(&m, none, all);
    llmfi_out_count(&o);
    o.tap = llmfi_sigv4_tap;
    o.tap_user = &m;
    llmfi_sigv4_to_sign(s, &o);
    llmfi_hmac_end(&m, key);
    llmfi_hex_lower(signature, key, sizeof key);
    llmfi_wipe(llmfi_str((const char *)&m, sizeof m));
}

/* The value of the header Authorization. */
LLMFI_UNUSED static void llmfi_sigv4_authorization(const llmfi_sigv4 *s, llmfi_out *o) {
    char signature[LLMFI_SIGV4_HEX];
    llmfi_sigv4_sign(s, signature);
    LLMFI_PUT(o, "AWS4-HMAC-SHA256 Credential=");
    llmfi_put_str(o, s->keys.id);
    LLMFI_PUT(o, "/");
    llmfi_sigv4_scope(s, o);
    LLMFI_PUT(o, ", SignedHeaders=");
    llmfi_sigv4_signed_headers(s, o);
    LLMFI_PUT(o, ", Signature=");
    llmfi_put(o, signature, sizeof signature);
}

#endif
