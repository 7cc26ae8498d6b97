/* behave.h - how the server misbehaves on command. One row of BEHAVIOURS is everything about a behaviour: field, name, help.
 *
 *   in the path   /x-NAME or /x-NAME-ARG before the dialect's path; the short ones n, d, b, f also as /n50 /d20000, and /ready
 *   in the text   [[NAME]] or [[NAME:ARG]] in the last user message, several separated by spaces; taken out before it is answered
 *
 * FLAG has no argument. NUMBER takes one, or the default of its row. TEXT needs one. An unknown name is an error, never ignored. */
#ifndef LOOPBACK_BEHAVE_H
#define LOOPBACK_BEHAVE_H
#include "mem.h"
#include <stddef.h>

#define BEHAVIOURS(FLAG, NUMBER, TEXT) \
    NUMBER(n, "n", 0, "N: answer in N pieces") \
    NUMBER(d, "d", 0, "US: microseconds between events") \
    NUMBER(b, "b", 1, "B: events a tick") \
    NUMBER(f, "delay-first", 100000, "US: microseconds before the first byte (short form: f)") \
    NUMBER(times, "times", 1, "N: the other behaviours hold for the first N requests of this path, then it answers normally") \
    NUMBER(status, "status", 500, "N: an error with this status, in the provider's form") \
    NUMBER(retry_after, "retry-after", 1, "N: with retry-after: N seconds (429 has 1 without asking; 0 seconds is sent as 0)") \
    NUMBER(retry_after_ms, "retry-after-ms", 250, "N: with retry-after-ms: N, and no retry-after unless asked") \
    NUMBER(retry_date, "retry-date", 1, "N: with retry-after: HTTP date, N seconds from now") \
    TEXT(code, "code", "S: the error's code (OpenAI) or type (Anthropic), e.g. insufficient_quota") \
    FLAG(html_502, "html-502", "502 with a page of HTML") \
    FLAG(empty, "empty", "200 with an empty body") \
    FLAG(error_in_200, "error-in-200", "200 with an error object; in a stream an error event after two pieces") \
    FLAG(not_protocol, "not-protocol", "200 with JSON of another kind") \
    TEXT(redirect, "redirect", "HOST:PORT: 307 to this host") \
    NUMBER(cut, "cut", 0, "N: close after N bytes of the body") \
    NUMBER(rst, "rst", 0, "N: reset the connection after N bytes of the body") \
    NUMBER(stall, "stall", 0, "N: stop after N bytes of the body, keep the connection open") \
    FLAG(cut_head, "cut-head", "close in the middle of the head") \
    NUMBER(slow_head, "slow-head", 1000, "US: the head byte by byte, so many microseconds apart") \
    NUMBER(drip, "drip", 30, "US: every byte in its own send, so many microseconds apart") \
    NUMBER(big_line, "big-line", 100000, "N: one more piece of N bytes of text in one event") \
    FLAG(length_more, "lying-length-more", "Content-Length 100 larger than the body, then close") \
    FLAG(length_less, "lying-length-less", "Content-Length 10 smaller than the body") \
    FLAG(bad_json, "bad-json", "an event (or the body) that is not JSON") \
    FLAG(no_done, "no-done", "without the last line: [DONE], message_stop, the done line") \
    FLAG(no_terminal, "no-terminal", "the stream ends after the text: no finish reason, no usage, no last line") \
    NUMBER(comments, "comments", -2, "N: N keep-alive comments (SSE) or blank lines, 50 ms apart, before the answer; without N for ever") \
    FLAG(crlf, "crlf", "lines of an event stream end with CR LF") \
    FLAG(bom, "bom", "a byte order mark before the body") \
    FLAG(chunk_1, "chunk-1", "each chunk of the chunked body has one byte") \
    FLAG(close, "close", "Connection: close and no length: the body ends with the connection") \
    FLAG(http10, "http10", "an HTTP/1.0 reply, ended by the close") \
    FLAG(gzip, "gzip-bomb-free", "Content-Encoding: gzip before bytes that are no gzip (short form: gzip)") \
    FLAG(extra_1xx, "extra-1xx", "100 and 103 replies before the real one") \
    FLAG(trailers, "trailers", "chunked, with trailer fields") \
    NUMBER(huge_headers, "huge-headers", 100000, "N: N bytes of headers, 1000 a line") \
    NUMBER(huge_header, "huge-header", 100000, "N: one header of N bytes") \
    FLAG(utf8_split, "utf8-split", "every character beyond ASCII is split between two chunks, 200 us apart") \
    FLAG(escape, "escape", "characters beyond ASCII come as \\uXXXX") \
    TEXT(finish, "finish", "S: finish with this reason") \
    FLAG(refusal, "refusal", "the model refuses") \
    FLAG(redacted, "redacted", "thinking comes redacted (Anthropic)") \
    FLAG(whole_calls, "whole-calls", "tool calls come whole in one event (as Groq, xAI)") \
    FLAG(json_array, "json-array", "a stream comes as one JSON array (Gemini, as without alt=sse)") \
    NUMBER(cached, "cached", 5, "N: so many prompt tokens came from a cache") \
    FLAG(vary, "vary", "what is made from a schema is drawn from the question: numbers between minimum and maximum, values of an enum, words of strings") \
    FLAG(lax, "lax", "unknown request members are ignored, as many compatible hosts do") \
    FLAG(ready, "ready", "a job is over at the first look, whether its making or the look asks so (short form: /ready)") \
    FLAG(job_expired, "job-expired", "the job made so expires with half of its items done") \
    FLAG(job_failed, "job-failed", "the job made so fails as a whole (Anthropic knows no such end)") \
    FLAG(no_auth, "no-auth", "no key is needed, as on local servers") \
    FLAG(need_auth, "need-auth", "a key is needed where normally none is (Ollama)")

#define BEHAVE_FLAG(field, name, help) int field;
#define BEHAVE_NUMBER(field, name, otherwise, help) long field;
#define BEHAVE_TEXT(field, name, help) char field[96];
typedef struct { BEHAVIOURS(BEHAVE_FLAG, BEHAVE_NUMBER, BEHAVE_TEXT) } behave;

enum { B_FLAG, B_NUMBER, B_TEXT };
typedef struct { const char *name; int kind; size_t at; long otherwise; const char *help; } behave_row;
#define BEHAVE_FLAG_ROW(field, name, help) { name, B_FLAG, offsetof(behave, field), 0, help },
#define BEHAVE_NUMBER_ROW(field, name, otherwise, help) { name, B_NUMBER, offsetof(behave, field), otherwise, help },
#define BEHAVE_TEXT_ROW(field, name, help) { name, B_TEXT, offsetof(behave, field), 0, help },
static const behave_row behave_rows[] = { BEHAVIOURS(BEHAVE_FLAG_ROW, BEHAVE_NUMBER_ROW, BEHAVE_TEXT_ROW) };
enum { BEHAVE_ROWS = (int)(sizeof behave_rows / sizeof *behave_rows) };

static void behave_clear(behave *b) {                                    /* numbers: -1 is "not asked for" */
    memset(b, 0, sizeof *b);
    for (int i = 0; i < BEHAVE_ROWS; i++)
        if (behave_rows[i].kind == B_NUMBER) { long none = -1; memcpy((char *)b + behave_rows[i].at, &none, sizeof none); }
}
/* the row whose name is the longest start of the word, followed by its end, '-' or ':' */
static const behave_row *behave_find(const char *s, size_t n) {
    const behave_row *best = NULL;
    size_t best_n = 0;
    for (int i = 0; i < BEHAVE_ROWS; i++) {
        size_t k = strlen(behave_rows[i].name);
        if (k > n || k < best_n || memcmp(s, behave_rows[i].name, k) || (k < n && s[k] != '-' && s[k] != ':')) continue;
        best = &behave_rows[i]; best_n = k;
    }
    return best;
}
static int behave_number(const char *s, size_t n, long *out) {
    long v = 0;
    if (!n || n > 12) return 0;
    for (size_t i = 0; i < n; i++) { if (!is_digit(s[i])) return 0; v = v * 10 + (s[i] - '0'); }
    *out = v;
    return 1;
}
/* NAME, NAME-ARG, NAME:ARG; 1 understood */
static int behave_word(behave *b, const char *s, size_t n) {
    if (n >= 4 && !memcmp(s, "gzip", 4) && n == 4) { b->gzip = 1; return 1; }
    if (n >= 1 && *s == 'f' && (n == 1 || is_digit(s[1]) || s[1] == ':')) return n > 1 && behave_number(s + (s[1] == ':' ? 2 : 1), n - (s[1] == ':' ? 2 : 1), &b->f);
    const behave_row *r = behave_find(s, n);
    if (!r) return 0;
    char *field_at = (char *)b + r->at;
    size_t k = strlen(r->name);
    const char *arg = s + k + 1;
    size_t narg = n > k ? n - k - 1 : 0;
    int one = 1;
    long v = r->otherwise;
    switch (r->kind) {
    case B_FLAG: if (narg) return 0; memcpy(field_at, &one, sizeof one); return 1;
    case B_NUMBER: if (narg && !behave_number(arg, narg, &v)) return 0; memcpy(field_at, &v, sizeof v); return 1;
    default: if (!narg || narg >= 96) return 0; memcpy(field_at, arg, narg); field_at[narg] = 0; return 1;
    }
}
/* a path segment: 1 a behaviour, 0 part of the path, -1 a behaviour that is not known */
static int behave_segment(behave *b, const char *s, size_t n) {
    long v;
    if (n > 2 && s[0] == 'x' && s[1] == '-') return behave_word(b, s + 2, n - 2) ? 1 : -1;
    if (n == 5 && !memcmp(s, "ready", n)) return behave_word(b, s, n);
    if (n < 2 || !behave_number(s + 1, n - 1, &v)) return 0;
    switch (s[0]) {
    case 'n': b->n = v; return 1;
    case 'd': b->d = v; return 1;
    case 'b': b->b = v; return 1;
    case 'f': b->f = v; return 1;
    default: return 0;                                                   /* v1 is part of the path */
    }
}
/* takes the segments out of the path; 0: one was not known, its text is in why */
static int behave_path(behave *b, const char *target, char *path, char *why, size_t nwhy) {
    const char *q = strchr(target, '?'), *end = q ? q : target + strlen(target);
    for (const char *s = target; s < end;) {
        const char *e = s + 1;
        while (e < end && *e != '/') e++;
        int k = behave_segment(b, s + 1, (size_t)(e - s - 1));
        if (k < 0) { snprintf(why, nwhy, "unknown behaviour %.*s", (int)(e - s - 1), s + 1); return 0; }
        if (!k) { memcpy(path, s, (size_t)(e - s)); path += e - s; }
        s = e;
    }
    *path = 0;
    return 1;
}
/* takes the [[...]] out of a text; 0: one was not known */
static int behave_text(behave *b, buf *text, char *why, size_t nwhy) {
    for (;;) {
        const char *s = text->n ? find(text->p, text->n, "[[") : NULL, *e = s ? find(s, (size_t)(text->p + text->n - s), "]]") : NULL;
        if (!e) return 1;
        for (const char *p = s + 2; p < e;) {
            const char *w = p;
            while (p < e && *p != ' ' && *p != ',') p++;
            if (p > w && !behave_word(b, w, (size_t)(p - w))) { snprintf(why, nwhy, "unknown behaviour %.*s", (int)(p - w), w); return 0; }
            if (p < e) p++;
        }
        size_t at = (size_t)(s - text->p), after = (size_t)(e + 2 - text->p);
        if (at && after < text->n && text->p[after] == ' ' && text->p[at - 1] == ' ') after++;
        memmove(text->p + at, text->p + after, text->n - after);
        text->n -= after - at;
        while (text->n && text->p[text->n - 1] == ' ' && at == text->n) { text->n--; at--; }
    }
}
static void behave_list(FILE *f) {
    for (int i = 0; i < BEHAVE_ROWS; i++)
        fprintf(f, "  x-%s%s%s\n      %s\n", behave_rows[i].name, behave_rows[i].kind == B_FLAG ? "" : behave_rows[i].kind == B_TEXT ? "-S" : "[-N]", "", behave_rows[i].help);
}
#endif
