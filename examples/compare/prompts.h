/* The prompts: a text file with one a line, or JSONL: {"prompt": "…", "reference": "…"}, reference may be missing. */
#ifndef PROMPTS_H
#define PROMPTS_H
#include "../kit/kit.h"

enum { MAX_PROMPTS = 10000 };

typedef struct prompt { char *text, *reference; unsigned long line; } prompt; /* reference: NULL: none */

static inline char *copy_of(const char *s, size_t len) {
    char *c = (char *)grow(NULL, len + 1, 1);
    memcpy(c, s, len);
    c[len] = '\0';
    return c;
}

static inline void read_prompt(prompt *p, const char *path, llmf_str line, bool jsonl) {
    llmf_str key, value;
    size_t at = 0, bad;
    if (!jsonl) {
        p->text = copy_of(line.ptr, line.len);
        return;
    }
    if (!llmf_json_valid(line, &bad)) die(EXIT_USAGE, "%s:%lu:%lu: is no JSON from here on: each line must be {\"prompt\": \"…\"}", path, p->line, (unsigned long)bad + 1);
    while (llmf_json_each(line, &at, &key, &value))
        if (!is(key, "prompt") && !is(key, "reference")) die(EXIT_USAGE, "%s:%lu: \"%.*s\" is not known here: a line has \"prompt\" and perhaps \"reference\"", path, p->line, (int)key.len, key.ptr);
    p->text = json_text(line, "prompt");
    p->reference = json_text(line, "reference");
    if (!p->text || !*p->text) die(EXIT_USAGE, "%s:%lu: \"prompt\" is missing, or is no text", path, p->line);
}

/* Free each text and reference, and the result. */
static inline prompt *read_prompts(const char *path, size_t *count) {
    size_t len, at = 0, i;
    unsigned long line_no = 0;
    char *file = read_file(path, MAX_TEXT_FILE, &len);
    const char *dot = strrchr(path, '.');
    bool jsonl = dot && (!strcmp(dot, ".jsonl") || !strcmp(dot, ".ndjson"));
    prompt *p = NULL;
    *count = 0;
    if (!file) exit(EXIT_USAGE);
    if (memchr(file, '\0', len)) die(EXIT_USAGE, "%s: is no text: it holds a NUL", path);
    while (at < len) {
        const char *end = (const char *)memchr(file + at, '\n', len - at);
        llmf_str line;
        line.ptr = file + at;
        line.len = end ? (size_t)(end - line.ptr) : len - at;
        at += line.len + 1;
        line_no++;
        while (line.len && strchr(" \t\r", line.ptr[line.len - 1])) line.len--;
        if (!line.len) continue;
        if (*count == MAX_PROMPTS) die(EXIT_USAGE, "%s:%lu: more than %d prompts", path, line_no, MAX_PROMPTS);
        p = (prompt *)grow(p, *count + 1, sizeof *p);
        memset(&p[*count], 0, sizeof *p);
        p[*count].line = line_no;
        read_prompt(&p[*count], path, line, jsonl);
        for (i = 0; i < *count && strcmp(p[i].text, p[*count].text); i++) continue;
        if (i == *count) ++*count;
        else {
            note("%s:%lu: the same prompt as in line %lu, left out", path, line_no, p[i].line);
            free(p[*count].text);
            free(p[*count].reference);
        }
    }
    free(file);
    if (!*count) die(EXIT_USAGE, "%s: there is no prompt in it", path);
    return p;
}
#endif
