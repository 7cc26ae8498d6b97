/* work_simdjson.h - what the baseline clients ask of a JSON library; C view of work_simdjson.cpp */
#ifndef WORK_SIMDJSON_H
#define WORK_SIMDJSON_H
#include <stddef.h>
#ifdef __cplusplus
extern "C" {
#endif
enum { W_PADDING = 64 };                                  /* simdjson reads so many bytes beyond the text */
typedef struct { const char *content; size_t ncontent; unsigned long long total; } w_found;   /* content: valid until the next call */

/* All take a text of n bytes at s, of which cap may be read. 1: it was JSON. */
int wj_chat(const char *s, size_t n, size_t cap, w_found *f);     /* choices[0].message.content, usage.total_tokens */
int wj_delta(const char *s, size_t n, size_t cap, w_found *f);    /* choices[0].delta.content; usage where choices is empty */
size_t wj_embeddings(const char *s, size_t n, size_t cap, float *out, size_t most);   /* data[].embedding; how many floats */
#ifdef __cplusplus
}
#endif
#endif
