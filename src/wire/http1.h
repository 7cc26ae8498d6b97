/* One HTTP/1 reply out of bytes (RFC 9112), and the head of one request into bytes. No I/O: the transport feeds and reads.

   Where the RFC leaves a choice: a bare LF ends a line, as for curl; a CR without LF, a NUL, a blank before the colon and folded
   lines are refused; interim replies (1xx) are passed over, 101 is refused (nothing was offered); chunked wins over Content-Length, and
   then, as with any doubt about where the reply ends, the connection is not used again. Transfer codings other than chunked are refused. */
#ifndef LLMFI_WIRE_HTTP1_H
#define LLMFI_WIRE_HTTP1_H
#include "pull.h"
#include "url.h"

/* Bytes of one chunk-size line; interim replies before the final one. */
#define LLMFI_HTTP1_SIZE_LINE 4096
#define LLMFI_HTTP1_INTERIM 16

/* What llmfi_http1_next gives. */
enum {
    LLMFI_HTTP1_ERROR = -1,                  /* error, what, error_at; stays */
    LLMFI_HTTP1_MORE = 0,                    /* the input is used up */
    LLMFI_HTTP1_STATUS = 1,                  /* status; value: the reason phrase */
    LLMFI_HTTP1_HEADER = 2,                  /* name, value */
    LLMFI_HTTP1_HEADERS_END = 3,             /* keep_alive and what ends the body are known */
    LLMFI_HTTP1_BODY = 4,                    /* body: a piece, in the input */
    LLMFI_HTTP1_TRAILER = 5,                 /* name, value: of no effect here */
    LLMFI_HTTP1_DONE = 6                     /* the reply is whole, the rest of the input is not of it; stays */
};

/* Where the reader stands. The first group reads lines, the second bytes. */
enum {
    LLMFI_HTTP1_AT_STATUS, LLMFI_HTTP1_AT_INTERIM, LLMFI_HTTP1_AT_HEADER, LLMFI_HTTP1_AT_TRAILER,
    LLMFI_HTTP1_AT_LENGTH, LLMFI_HTTP1_AT_CLOSE, LLMFI_HTTP1_AT_CHUNK,
    LLMFI_HTTP1_AT_CHUNK_CR, LLMFI_HTTP1_AT_CHUNK_LF,        /* behind the bytes of a chunk */
    LLMFI_HTTP1_AT_SIZE, LLMFI_HTTP1_AT_SIZE_MORE, LLMFI_HTTP1_AT_SIZE_PAD, LLMFI_HTTP1_AT_SIZE_EXT, LLMFI_HTTP1_AT_SIZE_LF,
    LLMFI_HTTP1_AT_DONE, LLMFI_HTTP1_AT_ERROR
};

typedef struct llmfi_http1 {
    uint64_t at;                             /* bytes of this reply taken; 0: nothing has come yet */
    uint64_t left;                           /* bytes that the body (AT_LENGTH), the chunk (AT_CHUNK) or the limit (AT_CLOSE) still has; the chunk size while
                                                it is read */
    uint64_t budget;                         /* bytes that the chunks to come may still have by the limit */
    uint64_t length;                         /* Content-Length */
    llmf_str name, value, body;              /* the item, until the next call; body also no longer than the bytes of the input are left alone */
    size_t head_left;                        /* bytes that the head may still have */
    unsigned headers_left, interim_left, size_line;
    int state, status, error;                /* error: LLMFI_WIRE_… */
    bool keep_alive;                         /* from HEADERS_END on: the connection may serve another request after DONE. False at DONE when
                                                bytes follow that nobody asked for: the length given was too short */
    bool head_request, has_length, chunked, close, persist, http10, spent;
    bool controls;                           /* the line may hold control characters: look closer */
#if !LLMFI_SMALL
    bool choosy;                             /* only headers of the shapes in `wanted` are handed out; others are checked all the same */
    llmfi_name_shapes wanted;
#endif
    llmfi_buf line;                          /* an unfinished line of the head */
    uint64_t error_at;                       /* byte of this reply where the error is */
    const char *what;                        /* static text */
} llmfi_http1;

/* head_request: the reply has no body whatever it says. max_head: bytes of status lines, headers, trailers, 0 for LLMF_MAX_HEAD;
   max_body: bytes, 0 for no limit. Each reply begins with init, after free of the last. */
LLMFI_UNUSED static void llmfi_http1_init(llmfi_http1 *h, llmfi_heap *heap, bool head_request, size_t max_head, uint64_t max_body) {
    memset(h, 0, sizeof *h);
    llmfi_buf_init(&h->line, heap, 0);
    h->head_request = head_request;
    h->head_left = max_head ? max_head : LLMF_MAX_HEAD;
    h->headers_left = LLMF_MAX_HEADERS;
    h->interim_left = LLMFI_HTTP1_INTERIM;
    h->budget = max_body ? max_body : UINT64_MAX;
}

#if !LLMFI_SMALL
/* After init: these are the headers of interest. Those about framing always are. */
LLMFI_UNUSED static void llmfi_http1_want(llmfi_http1 *h, const llmfi_name_shapes *shapes) {
    h->choosy = true;
    h->wanted = *shapes;
    h->wanted.lengths['h' & 7] |= 1u << 14; /* content-length */
    h->wanted.lengths['n' & 7] |= 1u << 10; /* connection */
    h->wanted.lengths['g' & 7] |= 1u << 17; /* transfer-encoding */
}
#endif

LLMFI_UNUSED static void llmfi_http1_free(llmfi_http1 *h) {
    llmfi_buf_free(&h->line);
}

static LLMFI_COLD int llmfi_http1_fail(llmfi_http1 *h, int error, const char *what, uint64_t at) {
    h->state = LLMFI_HTTP1_AT_ERROR;
    h->error = error;
    h->what = what;
    h->error_at = at;
    h->keep_alive = false;
    return LLMFI_HTTP1_ERROR;
}
#if !LLMF_HAS_STRINGS
#define llmfi_http1_fail(h, error, what, at) ((void)(at), llmfi_http1_fail((h), (error), "", 0))
#endif

static LLMFI_COLD int llmfi_http1_bad(llmfi_http1 *h, const char *what, uint64_t at) {
    return (llmfi_http1_fail)(h, LLMFI_WIRE_BAD, what, at);
}
#if !LLMF_HAS_STRINGS
#define llmfi_http1_bad(h, what, at) ((void)(at), llmfi_http1_bad((h), "", 0))
#endif

static void llmfi_http1_take(llmfi_http1 *h, llmf_str *in, size_t n) {
    llmfi_wire_take(in, n);
    h->at += n;
}

/* ---- lines of the head ---- */

/* The LF that ends the line, or NULL. One pass finds it and tells whether a control character stands before it (in h->controls). */
static const char *llmfi_http1_line_end(llmfi_http1 *h, llmf_str in) {
    size_t i = 0;
    h->controls = h->line.len != 0;
    while ((i = llmfi_find_control(in, i)) != LLMFI_NOWHERE) {
        if (in.ptr[i] == '\r' && in.len - i > 1 && in.ptr[i + 1] == '\n') i++;
        if (in.ptr[i] == '\n') return in.ptr + i;
        h->controls = true;
        i++;
    }
    return NULL;
}

/* A whole line without its end: 1, and *start is the byte where it begins. Else 0, or an error. */
static int llmfi_http1_line(llmfi_http1 *h, llmf_str *in, llmf_str *line, uint64_t *start) {
    size_t n = in->len < h->head_left ? in->len : h->head_left;
    const char *lf = llmfi_http1_line_end(h, llmfi_str(in->ptr, n));
    llmf_str piece = llmfi_str(in->ptr, lf ? (size_t)(lf - in->ptr) + 1 : n);
    if (!lf && in->len > n) return llmfi_http1_fail(h, LLMFI_WIRE_LIMIT, "the head of the reply is longer than LLMF_MAX_HEAD", h->at + n);
    *start = h->at - h->line.len;
    if (!lf || h->line.len) {
        if (!llmfi_buf_add(&h->line, piece.ptr, piece.len)) return llmfi_http1_fail(h, LLMFI_WIRE_MEMORY, "no memory for a header", *start);
        *line = llmfi_buf_str(&h->line);
    } else {
        *line = piece;
    }
    h->head_left -= piece.len;
    llmfi_http1_take(h, in, piece.len);
    if (!lf) return 0;
    h->spent = h->line.len != 0;
    line->len--;
    if (line->len && line->ptr[line->len - 1] == '\r') line->len--;
    return 1;
}

/* Refuses what no part of a line may hold; other control characters are let through. */
static int llmfi_http1_clean(llmfi_http1 *h, llmf_str line, size_t from, uint64_t start) {
    size_t i = from;
    while (h->controls && (i = llmfi_find_control(line, i)) != LLMFI_NOWHERE) {
        if (!line.ptr[i]) return llmfi_http1_bad(h, "a NUL in the head of the reply", start + i);
        if (line.ptr[i] == '\r') return llmfi_http1_bad(h, "a CR without LF in the head of the reply", start + i);
        i++;
    }
    return 0;
}

/* The text from byte `at` on without the blanks around it. */
static llmf_str llmfi_http1_trim(llmf_str s, size_t at) {
    size_t end = s.len;
    while (at < end && (s.ptr[at] == ' ' || s.ptr[at] == '\t')) at++;
    while (end > at && (s.ptr[end - 1] == ' ' || s.ptr[end - 1] == '\t')) end--;
    return llmfi_str(s.ptr + at, end - at);
}

/* HTTP/1.x NNN [reason] */
static int llmfi_http1_status_line(llmfi_http1 *h, llmf_str line, uint64_t start) {
    static const char form[] = "HTTP/1.# ###";
    size_t i;
    for (i = 0; i < sizeof form - 1; i++)
        if (i >= line.len || (form[i] == '#' ? !llmfi_is_digit(line.ptr[i]) : line.ptr[i] != form[i]))
            return llmfi_http1_bad(h, "not an HTTP/1 reply", start + i);
    if (line.ptr[9] == '0' || (line.len > i && line.ptr[i] != ' ')) return llmfi_http1_bad(h, "not an HTTP status", start + (line.ptr[9] == '0' ? 9 : i));
    if (llmfi_http1_clean(h, line, i, start)) return LLMFI_HTTP1_ERROR;
    h->status = (line.ptr[9] - '0') * 100 + (line.ptr[10] - '0') * 10 + (line.ptr[11] - '0');
    h->http10 = line.ptr[7] == '0';
    h->value = llmfi_http1_trim(line, i);
    h->state = h->status < 200 ? LLMFI_HTTP1_AT_INTERIM : LLMFI_HTTP1_AT_HEADER;
    if (h->status == 101) return llmfi_http1_bad(h, "the server switched protocols unasked", start + 9);
    if (h->status < 200 && !h->interim_left--) return llmfi_http1_fail(h, LLMFI_WIRE_LIMIT, "more interim (1xx) replies than make sense", start);
    return h->status < 200 ? LLMFI_HTTP1_MORE : LLMFI_HTTP1_STATUS;
}

/* The next element of a comma-separated list, trimmed; false at its end. Empty ones are passed over. */
static bool llmfi_http1_element(llmf_str *list, llmf_str *element) {
    while (list->len) {
        size_t comma = llmfi_find_char(*list, ',');
        *element = llmfi_http1_trim(llmfi_str(list->ptr, comma == LLMFI_NOWHERE ? list->len : comma), 0);
        *list = llmfi_from(*list, comma == LLMFI_NOWHERE ? list->len : comma + 1);
        if (element->len) return true;
    }
    return false;
}

/* One number, or the same one several times: anything else would leave open where the reply ends. */
static int llmfi_http1_length(llmfi_http1 *h, llmf_str number, uint64_t at) {
    uint64_t n = 0;
    size_t i;
    for (i = 0; i < number.len; i++) {
        unsigned digit = (unsigned)number.ptr[i] - '0';
        if (digit > 9 || n > (UINT64_MAX - digit) / 10) return llmfi_http1_bad(h, "Content-Length is not a number", at);
        n = n * 10 + digit;
    }
    if (h->has_length && n != h->length) return llmfi_http1_bad(h, "several Content-Length that differ", at);
    h->has_length = true;
    h->length = n;
    return 0;
}

static int llmfi_http1_coding(llmfi_http1 *h, llmf_str coding, uint64_t at) {
    if (h->chunked) return llmfi_http1_bad(h, "chunked is not the last transfer coding", at);
    if (LLMFI_NAMED(coding, "chunked")) h->chunked = true;
    else if (!LLMFI_NAMED(coding, "identity")) return llmfi_http1_bad(h, "a transfer coding that was not asked for", at);
    return 0;
}

static int llmfi_http1_connection(llmfi_http1 *h, llmf_str option) {
    if (LLMFI_NAMED(option, "close")) h->close = true;
    else if (LLMFI_NAMED(option, "keep-alive")) h->persist = true;
    return 0;
}

/* The headers that say where the reply ends and whether the connection lives on: each of them is a list. */
static int llmfi_http1_framing_header(llmfi_http1 *h, uint64_t at) {
    bool length = LLMFI_NAMED(h->name, "content-length"), coding = LLMFI_NAMED(h->name, "transfer-encoding");
    llmf_str list = h->value, element;
    bool any = false;
    int bad = 0;
    if (!length && !coding && !LLMFI_NAMED(h->name, "connection")) return 0;
    while (!bad && llmfi_http1_element(&list, &element)) {
        any = true;
        bad = length ? llmfi_http1_length(h, element, at) : coding ? llmfi_http1_coding(h, element, at) : llmfi_http1_connection(h, element);
    }
    return bad || !length || any ? bad : llmfi_http1_bad(h, "Content-Length is not a number", at);
}

/* name: value, in headers and trailers. 0 when it is good. */
static int llmfi_http1_field(llmfi_http1 *h, llmf_str line, uint64_t start) {
    size_t colon = llmfi_char_span(line, LLMFI_CHAR_TOKEN);
    if (!h->headers_left--) return llmfi_http1_fail(h, LLMFI_WIRE_LIMIT, "more headers in the reply than LLMF_MAX_HEADERS", start);
    if (colon == line.len) return llmfi_http1_bad(h, "a header without a colon", start + colon);
    if (llmfi_is_space(line.ptr[0])) return llmfi_http1_bad(h, "a folded header line", start);
    if (!colon || line.ptr[colon] != ':') return llmfi_http1_bad(h, "a character that no header name has", start + colon);
    if (llmfi_http1_clean(h, line, colon, start)) return LLMFI_HTTP1_ERROR;
    h->name = llmfi_str(line.ptr, colon);
    return 0;
}

/* The blank line behind the headers: what ends the body, and may the connection be used again. */
static int llmfi_http1_headers_end(llmfi_http1 *h) {
    bool none = h->head_request || h->status == 204 || h->status == 304;
    h->keep_alive = !h->close && (!h->http10 || h->persist) && !(h->chunked && (h->has_length || h->http10));
    h->left = 0;
    if (none) {
        h->state = LLMFI_HTTP1_AT_DONE;
        if (h->status == 204 && (h->chunked || h->length)) h->keep_alive = false;
    } else if (h->chunked) {
        h->state = LLMFI_HTTP1_AT_SIZE;
    } else if (h->has_length) {
        if (h->length > h->budget) return llmfi_http1_fail(h, LLMFI_WIRE_LIMIT, "the body of the reply is longer than its limit", h->at);
        h->left = h->length;
        h->state = h->left ? LLMFI_HTTP1_AT_LENGTH : LLMFI_HTTP1_AT_DONE;
    } else {
        h->left = h->budget;
        h->state = LLMFI_HTTP1_AT_CLOSE;
        h->keep_alive = false;
    }
    return LLMFI_HTTP1_HEADERS_END;
}

/* A blank line, in each of the states that read lines. MORE: go on. */
static int llmfi_http1_blank(llmfi_http1 *h, uint64_t start) {
    llmfi_buf_free(&h->line); /* a stream's body may last for minutes */
    h->spent = false;
    switch (h->state) {
    case LLMFI_HTTP1_AT_INTERIM: h->state = LLMFI_HTTP1_AT_STATUS; return LLMFI_HTTP1_MORE;
    case LLMFI_HTTP1_AT_HEADER: return llmfi_http1_headers_end(h);
    case LLMFI_HTTP1_AT_TRAILER: h->state = LLMFI_HTTP1_AT_DONE; return LLMFI_HTTP1_MORE;
    default: return llmfi_http1_bad(h, "not an HTTP/1 reply", start);
    }
}

#if LLMFI_JSON_SSE2
/* Passes over header lines of no interest that lie whole in the input and have nothing odd in them: most of a reply's. Any other is left to
   llmfi_http1_head. */
static void llmfi_http1_pass(llmfi_http1 *h, llmf_str *in) {
    llmf_str rest = llmfi_str(in->ptr, in->len < h->head_left ? in->len : h->head_left);
    size_t taken;
    for (; h->headers_left; h->headers_left--) {
        size_t colon = llmfi_plain_span((const unsigned char *)rest.ptr, rest.len), end;
        if (!colon || colon == rest.len || rest.ptr[colon] != ':' || llmfi_shape_in(&h->wanted, llmfi_str(rest.ptr, colon))) break;
        end = llmfi_control_fast(rest, colon);
        if (rest.len - end < 16 || rest.ptr[end] != '\r' || rest.ptr[end + 1] != '\n') break;
        rest = llmfi_str(rest.ptr + end + 2, rest.len - end - 2);
    }
    taken = (size_t)(rest.ptr - in->ptr);
    h->head_left -= taken;
    llmfi_http1_take(h, in, taken);
}
#endif

/* One step over a line. MORE with input left: go on. */
static int llmfi_http1_head(llmfi_http1 *h, llmf_str *in) {
    llmf_str line = {NULL, 0};
    uint64_t start = 0;
    int got = llmfi_http1_line(h, in, &line, &start);
    if (got <= 0) return got;
    if (!line.len) return llmfi_http1_blank(h, start);
    if (h->state == LLMFI_HTTP1_AT_STATUS) return llmfi_http1_status_line(h, line, start);
    if (llmfi_http1_field(h, line, start)) return LLMFI_HTTP1_ERROR;
    if (h->state == LLMFI_HTTP1_AT_INTERIM) return LLMFI_HTTP1_MORE;
#if !LLMFI_SMALL
    if (h->choosy && !llmfi_shape_in(&h->wanted, h->name)) return LLMFI_HTTP1_MORE;
#endif
    h->value = llmfi_http1_trim(line, h->name.len + 1);
    if (h->state == LLMFI_HTTP1_AT_TRAILER) return LLMFI_HTTP1_TRAILER;
    if (llmfi_http1_framing_header(h, start + (uint64_t)(h->value.ptr - line.ptr))) return LLMFI_HTTP1_ERROR;
    return LLMFI_HTTP1_HEADER;
}

/* ---- the body ---- */

/* Bytes of the body, of a chunk, or of a body that lasts until the connection closes. */
static int llmfi_http1_piece(llmfi_http1 *h, llmf_str *in) {
    size_t n = h->left < in->len ? (size_t)h->left : in->len;
    if (!n) return llmfi_http1_fail(h, LLMFI_WIRE_LIMIT, "the body of the reply is longer than its limit", h->at);
    h->body = llmfi_str(in->ptr, n);
    h->left -= n;
    llmfi_http1_take(h, in, n);
    if (!h->left && h->state != LLMFI_HTTP1_AT_CLOSE) h->state = h->state == LLMFI_HTTP1_AT_LENGTH ? LLMFI_HTTP1_AT_DONE : LLMFI_HTTP1_AT_CHUNK_CR;
    return LLMFI_HTTP1_BODY;
}

/* The LF behind a chunk size: the chunk begins, or the trailers. */
static int llmfi_http1_size_end(llmfi_http1 *h) {
    if (h->left > h->budget) return llmfi_http1_fail(h, LLMFI_WIRE_LIMIT, "the body of the reply is longer than its limit", h->at);
    h->budget -= h->left;
    h->size_line = 0;
    h->state = h->left ? LLMFI_HTTP1_AT_CHUNK : LLMFI_HTTP1_AT_TRAILER;
    return 0;
}

/* One byte of a chunk-size line: 0, or an error. The byte is taken already. */
static LLMFI_SHORT int llmfi_http1_size_byte(llmfi_http1 *h, char c) {
    unsigned digit = llmfi_hex(c);
    if (++h->size_line > LLMFI_HTTP1_SIZE_LINE) return llmfi_http1_fail(h, LLMFI_WIRE_LIMIT, "a chunk-size line is too long", h->at - 1);
    if (h->state <= LLMFI_HTTP1_AT_SIZE_MORE && digit < 16) {
        if (h->left >> 60) return llmfi_http1_bad(h, "a chunk size does not fit in 64 bits", h->at - 1);
        h->left = h->left << 4 | digit;
        h->state = LLMFI_HTTP1_AT_SIZE_MORE;
        return 0;
    }
    if (h->state == LLMFI_HTTP1_AT_SIZE) return llmfi_http1_bad(h, "not a chunk size", h->at - 1);
    if (c == '\n') return llmfi_http1_size_end(h);
    if (h->state == LLMFI_HTTP1_AT_SIZE_LF) return llmfi_http1_bad(h, "a CR without LF in a chunk-size line", h->at - 1);
    if (c == '\r') h->state = LLMFI_HTTP1_AT_SIZE_LF;
    else if (h->state == LLMFI_HTTP1_AT_SIZE_EXT || c == ';') h->state = LLMFI_HTTP1_AT_SIZE_EXT;
    else if (c == ' ' || c == '\t') h->state = LLMFI_HTTP1_AT_SIZE_PAD;
    else return llmfi_http1_bad(h, "not a chunk size", h->at - 1);
    return 0;
}

#if !LLMFI_SMALL
/* The usual case at once: the bytes between two chunks, with a size of at most eight digits and no extension, lie whole in the input. Else takes nothing. */
static void llmfi_http1_between_fast(llmfi_http1 *h, llmf_str *in) {
    size_t skip = h->state == LLMFI_HTTP1_AT_CHUNK_CR ? 2 : 0, i = skip;
    uint64_t size = 0;
    unsigned digit;
    if (in->len < skip + 10 || (skip && (in->ptr[0] != '\r' || in->ptr[1] != '\n'))) return;
    for (; i < skip + 8 && (digit = llmfi_hex(in->ptr[i])) < 16; i++) size = size << 4 | digit;
    if (i == skip || in->ptr[i] != '\r' || in->ptr[i + 1] != '\n') return;
    h->left = size;
    llmfi_http1_take(h, in, i + 2);
}
#endif

/* Between two chunks: up to the first byte of the next one, byte by byte where it must be. */
static int llmfi_http1_between(llmfi_http1 *h, llmf_str *in) {
#if !LLMFI_SMALL
    uint64_t before = h->at;
    if (h->state == LLMFI_HTTP1_AT_CHUNK_CR || h->state == LLMFI_HTTP1_AT_SIZE) llmfi_http1_between_fast(h, in);
    if (h->at != before) return llmfi_http1_size_end(h);
#endif
    while (in->len && h->state >= LLMFI_HTTP1_AT_CHUNK_CR) {
        char c = *in->ptr;
        llmfi_http1_take(h, in, 1);
        if (h->state >= LLMFI_HTTP1_AT_SIZE) {
            if (llmfi_http1_size_byte(h, c)) return LLMFI_HTTP1_ERROR;
        } else if (c == '\n') {
            h->state = LLMFI_HTTP1_AT_SIZE;
        } else if (c == '\r' && h->state == LLMFI_HTTP1_AT_CHUNK_CR) {
            h->state = LLMFI_HTTP1_AT_CHUNK_LF;
        } else {
            return llmfi_http1_bad(h, "a chunk is longer than its size", h->at - 1);
        }
    }
    return LLMFI_HTTP1_MORE;
}

/* ---- the reader ---- */

/* One of LLMFI_HTTP1_…; call it until MORE, DONE or ERROR. An empty input gives what needs no byte: DONE behind the last of a body. */
LLMFI_UNUSED static LLMFI_SHORT int llmfi_http1_next(llmfi_http1 *h, llmf_str *in) {
    int got = LLMFI_HTTP1_MORE;
    if (h->spent) llmfi_wire_drop(&h->line);
    h->spent = false;
    while (got == LLMFI_HTTP1_MORE) {
        if (h->state < LLMFI_HTTP1_AT_LENGTH && in->len) {
#if LLMFI_JSON_SSE2
            if (h->state == LLMFI_HTTP1_AT_HEADER && h->choosy && !h->line.len) llmfi_http1_pass(h, in);
#endif
            got = llmfi_http1_head(h, in);
            if (h->spent && got == LLMFI_HTTP1_MORE) {
                llmfi_wire_drop(&h->line);
                h->spent = false;
            }
            continue;
        }
        if (h->state == LLMFI_HTTP1_AT_DONE) {
            if (in->len) h->keep_alive = false;
            return LLMFI_HTTP1_DONE;
        }
        if (h->state == LLMFI_HTTP1_AT_ERROR) return LLMFI_HTTP1_ERROR;
        if (!in->len) return LLMFI_HTTP1_MORE;
        if (h->state <= LLMFI_HTTP1_AT_CHUNK) return llmfi_http1_piece(h, in);
        got = llmfi_http1_between(h, in);
    }
    return got;
}

/* The connection closed, all bytes before it having been pulled: DONE when the reply was whole, else ERROR. */
LLMFI_UNUSED static int llmfi_http1_end(llmfi_http1 *h) {
    if (h->state == LLMFI_HTTP1_AT_ERROR) return LLMFI_HTTP1_ERROR;
    h->keep_alive = false;
    if (h->state == LLMFI_HTTP1_AT_DONE || h->state == LLMFI_HTTP1_AT_CLOSE) {
        h->state = LLMFI_HTTP1_AT_DONE;
        return LLMFI_HTTP1_DONE;
    }
    return llmfi_http1_fail(h, LLMFI_WIRE_CUT, h->at ? "the connection closed within the reply" : "the connection closed before a reply", h->at);
}

/* ---- the head of a request ---- */

typedef struct llmfi_http1_request {
    llmf_str method, target, host;           /* target: path and query, beginning with '/'; host: host[:port] */
    const llmf_header *headers;              /* without Host, Content-Length, Transfer-Encoding */
    size_t header_count;
    bool has_body;
    bool checked;                            /* whoever asks has looked at all of it: nothing that must not be sent is in it */
    uint64_t content_length;                 /* of the body; 0 with has_body: "Content-Length: 0" */
} llmfi_http1_request;

/* NULL, or what must not be sent so. The engine has looked at URL and headers already: without config nobody else adds any. */
static const char *llmfi_http1_refuse(const llmfi_http1_request *r) {
#if LLMFI_SMALL && !LLMF_HAS_CONFIG
    (void)r;
#else
    size_t i;
    if (llmfi_header_bad_name(r->method) != LLMFI_NOWHERE) return LLMFI_WORDS("the method is not one");
    if (!r->target.len || r->target.ptr[0] != '/' || llmfi_url_bad_char(r->target) != LLMFI_NOWHERE) return LLMFI_WORDS("the request target is not a path");
    if (!r->host.len || llmfi_url_bad_char(r->host) != LLMFI_NOWHERE) return LLMFI_WORDS("the host is not one");
    for (i = 0; i < r->header_count; i++) {
        llmf_str name = r->headers[i].name;
        if (llmfi_header_bad_name(name) != LLMFI_NOWHERE) return LLMFI_WORDS("a character that no header name has");
        if (llmfi_header_bad_value(r->headers[i].value) != LLMFI_NOWHERE) return LLMFI_WORDS("a control character in a header value");
        if ((LLMFI_NAMED(name, "host")) || (LLMFI_NAMED(name, "content-length")) ||
            (LLMFI_NAMED(name, "transfer-encoding")))
            return LLMFI_WORDS("a header that the transport writes itself");
    }
#endif
    return NULL;
}

static LLMFI_SHORT char *llmfi_http1_copy(char *to, llmf_str s) {
    if (s.len) memcpy(to, s.ptr, s.len);
    return to + s.len;
}

/* name: value CR LF */
static char *llmfi_http1_line_to(char *to, llmf_str name, llmf_str value) {
    to = llmfi_http1_copy(to, name);
    to = llmfi_http1_copy(to, LLMFI_LIT(": "));
    to = llmfi_http1_copy(to, value);
    return llmfi_http1_copy(to, LLMFI_LIT("\r\n"));
}

/* Bytes that the head has at most; from (size_t)-1 / 8 on: more than a buffer takes. */
static size_t llmfi_http1_head_most(const llmfi_http1_request *r) {
    const size_t most = (size_t)-1 / 8;
    size_t n = 128, i;
    if (r->method.len >= most || r->target.len >= most || r->host.len >= most) return most;
    n += r->method.len + r->target.len + r->host.len;
    for (i = 0; i < r->header_count && n < most; i++) {
        if (r->headers[i].name.len >= most || r->headers[i].value.len >= most) return most;
        n += r->headers[i].name.len + r->headers[i].value.len + 4;
    }
    return n;
}

/* Adds the request's head to `out`: LLMFI_WIRE_FINE; _BAD with *what (static), or _MEMORY: then out is as it was. */
LLMFI_UNUSED static int llmfi_http1_write_head(llmfi_buf *out, const llmfi_http1_request *r, const char **what) {
    char digits[LLMFI_INT_TEXT], *to;
    size_t most = llmfi_http1_head_most(r), i;
    *what = r->checked ? NULL : llmfi_http1_refuse(r);
    if (*what) return LLMFI_WIRE_BAD;
    if (most >= (size_t)-1 / 8 || !llmfi_buf_reserve(out, most)) {
        *what = LLMFI_WORDS("no memory for the request's head");
        return LLMFI_WIRE_MEMORY;
    }
    to = llmfi_http1_copy(out->ptr + out->len, r->method);
    to = llmfi_http1_copy(to, LLMFI_LIT(" "));
    to = llmfi_http1_copy(to, r->target);
    to = llmfi_http1_copy(to, LLMFI_LIT(" HTTP/1.1\r\n"));
    to = llmfi_http1_line_to(to, LLMFI_LIT("Host"), r->host);
    for (i = 0; i < r->header_count; i++) to = llmfi_http1_line_to(to, r->headers[i].name, r->headers[i].value);
    if (r->has_body) to = llmfi_http1_line_to(to, LLMFI_LIT("Content-Length"), llmfi_str(digits, llmfi_print_uint(digits, r->content_length)));
    to = llmfi_http1_copy(to, LLMFI_LIT("\r\n"));
    out->len = (size_t)(to - out->ptr);
    return LLMFI_WIRE_FINE;
}

#endif
