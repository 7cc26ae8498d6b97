/* work.h - the JSON work shared by the raw clients: request text, answer, SSE deltas, embeddings (simdjson, see work_simdjson.cpp) */
#ifndef WORK_H
#define WORK_H
#include "bench.h"
#include "work_simdjson.h"

static inline size_t w_str(char *o, const char *s) { /* JSON string */
    char *p = o; *p++ = '"';
    for (; *s; s++) { if (*s == '"' || *s == '\\') *p++ = '\\'; if (*s == '\n') { *p++ = '\\'; *p++ = 'n'; continue; } *p++ = *s; }
    *p++ = '"';
    return (size_t)(p - o);
}
enum { W_FLOATS = 153600 };
#define LIT(s) (memcpy(p, s, sizeof s - 1), p += sizeof s - 1)
static inline size_t w_chat(char *o, int stream) {
    char *p = o;
    LIT("{\"model\":"); p += w_str(p, B_MODEL);
    LIT(",\"messages\":[{\"role\":\"system\",\"content\":"); p += w_str(p, B_SYSTEM);
    LIT("},{\"role\":\"user\",\"content\":"); p += w_str(p, B_USER);
    LIT("}],\"temperature\":0.7");
    if (stream) LIT(",\"stream\":true,\"stream_options\":{\"include_usage\":true}");
    LIT("}");
    return (size_t)(p - o);
}
static inline size_t w_embed(char *o) {
    char *p = o;
    LIT("{\"model\":\"text-embedding-3-small\",\"input\":[");
    for (int i = 0; i < 100; i++) { if (i) LIT(","); p += w_str(p, "a short sentence to embed"); }
    LIT("],\"encoding_format\":\"float\"}");
    return (size_t)(p - o);
}
static inline void w_plain_answer(bench *b, const char *s, size_t n, size_t cap) {
    w_found f;
    wj_chat(s, n, cap, &f);
    if (!f.content) b->errors++;
    b->content += f.ncontent; b->sum += (double)f.total; b->events++;
}
static inline void w_embed_answer(bench *b, const char *s, size_t n, size_t cap, float *out) {
    size_t at = wj_embeddings(s, n, cap, out, W_FLOATS);
    if (at != W_FLOATS) b->errors++;
    b->events += at;
    for (size_t q = 0; q < at; q += 1536) b->sum += (double)out[q];
}
/* cap: bytes that may be read from s on; simdjson reads W_PADDING beyond the end */
static inline void w_delta(bench *b, const char *s, size_t n, size_t cap) {
    w_found f;
    if (!wj_delta(s, n, cap, &f)) b->errors++;
    if (f.content) { b->content += f.ncontent; b->events++; b_clock(b, f.content, f.ncontent); }
    b->sum += (double)f.total;
}
/* SSE: lines by memchr; keeps an unfinished line in buf */
typedef struct { char *buf; size_t n, cap; int done; } sse;
static inline void sse_keep(sse *s, const char *p, size_t k) {
    if (s->n + k + W_PADDING > s->cap) { s->cap = (s->n + k) * 2 + 1024; s->buf = (char *)realloc(s->buf, s->cap); }
    memcpy(s->buf + s->n, p, k); s->n += k;
}
static inline void sse_line(bench *b, sse *s, const char *l, size_t n, size_t cap) {
    if (n && l[n - 1] == '\r') n--;
    if (n < 6 || memcmp(l, "data: ", 6)) return;
    if (n == 12 && !memcmp(l + 6, "[DONE]", 6)) { s->done = 1; return; }
    if (cap >= n + W_PADDING) { w_delta(b, l + 6, n - 6, cap - 6); return; }
    s->n = 0; sse_keep(s, l, n);                       /* too near the buffer's end to be parsed in place */
    w_delta(b, s->buf + 6, n - 6, s->cap - 6);
    s->n = 0;
}
static inline void sse_feed(bench *b, sse *s, const char *p, size_t n) {
    const char *e = p + n, *nl;
    if (s->n) {
        nl = (const char *)memchr(p, '\n', n);
        sse_keep(s, p, nl ? (size_t)(nl - p) : n);
        if (!nl) return;
        sse_line(b, s, s->buf, s->n, s->cap); s->n = 0; p = nl + 1;
    }
    while (p < e && (nl = (const char *)memchr(p, '\n', (size_t)(e - p)))) { sse_line(b, s, p, (size_t)(nl - p), (size_t)(e - p)); p = nl + 1; }
    if (p < e) sse_keep(s, p, (size_t)(e - p));
}
#endif
