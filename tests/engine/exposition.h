/* A strict reader of Prometheus' text exposition (version 0.0.4). Beyond the grammar it finds what promtool passes over: a series twice, a family in two pieces, a
   histogram without +Inf or with buckets that fall, and a _count that is not its +Inf bucket. */
#ifndef ENGINE_EXPOSITION_H
#define ENGINE_EXPOSITION_H
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXPO_LABELS = 8, EXPO_NAME = 96 };

typedef struct expo_label {
    char name[32], value[256];
} expo_label;

typedef struct expo_sample {
    char name[EXPO_NAME], family[EXPO_NAME];
    expo_label labels[EXPO_LABELS];  /* sorted by name */
    int count;
    double value;
    char written[64];                /* the value as it stands there */
    size_t line;
} expo_sample;

typedef struct expo_family {
    char name[EXPO_NAME], type[16];
    bool help, typed, begun, closed;
} expo_family;

typedef struct expo {
    expo_sample *samples;
    expo_family *families;
    size_t count, room, family_count, line;
    const char *at, *end;
    char why[256];                   /* "" where nothing is wrong */
} expo;

static bool expo_fail(expo *e, const char *format, ...) {
    va_list ap;
    char what[200];
    va_start(ap, format);
    vsnprintf(what, sizeof what, format, ap);
    va_end(ap);
    if (!e->why[0]) snprintf(e->why, sizeof e->why, "line %lu: %s", (unsigned long)e->line, what);
    return false;
}

static void expo_free(expo *e) {
    free(e->samples);
    free(e->families);
    memset(e, 0, sizeof *e);
}

/* ---- grammar ---- */

static void expo_blanks(expo *e) {
    while (e->at < e->end && (*e->at == ' ' || *e->at == '\t')) e->at++;
}

static bool expo_name_char(char c, bool first, bool colon) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (colon && c == ':') || (!first && c >= '0' && c <= '9');
}

static bool expo_name(expo *e, char *to, size_t cap, bool colon) {
    size_t n = 0;
    while (e->at < e->end && expo_name_char(*e->at, n == 0, colon)) {
        if (n + 1 == cap) return expo_fail(e, "a name is too long for this test");
        to[n++] = *e->at++;
    }
    to[n] = '\0';
    return n > 0 || expo_fail(e, "no valid name");
}

/* The word up to a blank or the line's end. */
static bool expo_word(expo *e, char *to, size_t cap) {
    size_t n = 0;
    while (e->at < e->end && !strchr(" \t\n", *e->at) && n + 1 < cap) to[n++] = *e->at++;
    to[n] = '\0';
    return n > 0;
}

static bool expo_value(const char *text, double *value) {
    char *end;
    if (!*text || strchr(" \t", *text) || strspn(text, "+-.0123456789eEinfaNI") != strlen(text)) return false;
    *value = strtod(text, &end);
    return *end == '\0';
}

static bool expo_utf8(const char *s) {
    const unsigned char *p = (const unsigned char *)s;
    while (*p) {
        int n = *p < 0x80 ? 0 : *p >= 0xc2 && *p < 0xe0 ? 1 : *p >= 0xe0 && *p < 0xf0 ? 2 : *p >= 0xf0 && *p < 0xf5 ? 3 : -1, i;
        unsigned char low = *p == 0xe0 ? 0xa0 : *p == 0xf0 ? 0x90 : 0x80, high = *p == 0xed ? 0x9f : *p == 0xf4 ? 0x8f : 0xbf;
        if (n < 0) return false;
        for (p++, i = 0; i < n; i++, p++, low = 0x80, high = 0xbf)
            if (*p < low || *p > high) return false;
    }
    return true;
}

static bool expo_label_value(expo *e, char *to, size_t cap) {
    size_t n = 0;
    if (e->at == e->end || *e->at++ != '"') return expo_fail(e, "a label's value does not begin with a quote");
    while (e->at < e->end && *e->at != '"') {
        char c = *e->at++;
        if (c == '\n') return expo_fail(e, "a label's value holds a line break");
        if (c == '\\') {
            c = e->at < e->end ? *e->at++ : '\0';
            if (c != '\\' && c != '"' && c != 'n') return expo_fail(e, "an escape that there is not");
            if (c == 'n') c = '\n';
        }
        if (c == '\0') return expo_fail(e, "a label's value holds NUL");
        if (n + 1 == cap) return expo_fail(e, "a label's value is too long for this test");
        to[n++] = c;
    }
    to[n] = '\0';
    if (e->at++ == e->end) return expo_fail(e, "a label's value has no end");
    return expo_utf8(to) || expo_fail(e, "a label's value is no UTF-8");
}

static int expo_by_name(const void *a, const void *b) {
    return strcmp(((const expo_label *)a)->name, ((const expo_label *)b)->name);
}

static bool expo_labels(expo *e, expo_sample *s) {
    int i;
    for (e->at++;;) {
        expo_label *l = &s->labels[s->count];
        expo_blanks(e);
        if (e->at < e->end && *e->at == '}') break;
        if (s->count == EXPO_LABELS) return expo_fail(e, "too many labels for this test");
        if (!expo_name(e, l->name, sizeof l->name, false)) return false;
        if (strcmp(l->name, "__name__") == 0) return expo_fail(e, "a reserved label");
        expo_blanks(e);
        if (e->at == e->end || *e->at++ != '=') return expo_fail(e, "a label without =");
        expo_blanks(e);
        if (!expo_label_value(e, l->value, sizeof l->value)) return false;
        s->count++;
        expo_blanks(e);
        if (e->at < e->end && *e->at == ',') e->at++;
        else if (e->at == e->end || *e->at != '}') return expo_fail(e, "neither , nor } behind a label");
    }
    e->at++;
    qsort(s->labels, (size_t)s->count, sizeof *s->labels, expo_by_name);
    for (i = 1; i < s->count; i++)
        if (strcmp(s->labels[i - 1].name, s->labels[i].name) == 0) return expo_fail(e, "a label twice: %s", s->labels[i].name);
    return true;
}

/* ---- families ---- */

static expo_family *expo_family_find(expo *e, const char *name) {
    size_t i;
    for (i = 0; i < e->family_count; i++)
        if (strcmp(e->families[i].name, name) == 0) return &e->families[i];
    return NULL;
}

static expo_family *expo_family_of(expo *e, const char *name) {
    expo_family *f = expo_family_find(e, name);
    if (f) return f;
    e->families = (expo_family *)realloc(e->families, (e->family_count + 1) * sizeof *e->families);
    f = &e->families[e->family_count++];
    memset(f, 0, sizeof *f);
    snprintf(f->name, sizeof f->name, "%s", name);
    return f;
}

/* The family of a sample: histograms and summaries have samples with other names. */
static expo_family *expo_family_of_sample(expo *e, const char *name) {
    static const char *const suffixes[] = {"_bucket", "_sum", "_count"};
    char front[EXPO_NAME];
    size_t i;
    for (i = 0; i < 3; i++) {
        size_t len = strlen(name), tail = strlen(suffixes[i]);
        expo_family *f;
        if (len <= tail || strcmp(name + len - tail, suffixes[i]) != 0) continue;
        snprintf(front, sizeof front, "%.*s", (int)(len - tail), name);
        f = expo_family_find(e, front);
        if (f && (strcmp(f->type, "histogram") == 0 || (i && strcmp(f->type, "summary") == 0))) return f;
    }
    return expo_family_of(e, name);
}

static bool expo_comment(expo *e) {
    static const char *const types[] = {"counter", "gauge", "histogram", "summary", "untyped"};
    char word[16], name[EXPO_NAME], type[16];
    expo_family *f;
    size_t i;
    e->at++;
    expo_blanks(e);
    if (!expo_word(e, word, sizeof word) || (strcmp(word, "HELP") != 0 && strcmp(word, "TYPE") != 0)) return true;
    expo_blanks(e);
    if (e->at == e->end || *e->at == '\n') return true;
    if (!expo_name(e, name, sizeof name, true)) return false;
    if (e->at < e->end && !strchr(" \t\n", *e->at)) return expo_fail(e, "an invalid name in a comment");
    expo_blanks(e);
    if (e->at == e->end || *e->at == '\n') return true; /* enough said */
    f = expo_family_of(e, name);
    if (word[0] == 'H') {
        if (f->help) return expo_fail(e, "a second HELP of %s", name);
        f->help = true;
        return true;
    }
    if (f->typed || f->begun) return expo_fail(e, "a second TYPE of %s, or one behind its samples", name);
    f->typed = true;
    if (!expo_word(e, type, sizeof type)) return expo_fail(e, "no type");
    snprintf(f->type, sizeof f->type, "%s", type);
    for (i = 0; i < sizeof types / sizeof types[0]; i++)
        if (strcmp(types[i], type) == 0) return true;
    return expo_fail(e, "an unknown type: %s", type);
}

static const expo_label *expo_label_of(const expo_sample *s, const char *name) {
    int i;
    for (i = 0; i < s->count; i++)
        if (strcmp(s->labels[i].name, name) == 0) return &s->labels[i];
    return NULL;
}

static bool expo_take_sample(expo *e) {
    expo_sample *s;
    expo_family *f;
    const expo_label *l;
    char word[64], *end;
    double number;
    if (e->count == e->room) {
        e->room = e->room ? e->room * 2 : 64;
        e->samples = (expo_sample *)realloc(e->samples, e->room * sizeof *e->samples);
    }
    s = &e->samples[e->count++];
    memset(s, 0, sizeof *s);
    s->line = e->line;
    if (!expo_name(e, s->name, sizeof s->name, true)) return false;
    expo_blanks(e);
    if (e->at < e->end && *e->at == '{' && !expo_labels(e, s)) return false;
    expo_blanks(e);
    if (!expo_word(e, s->written, sizeof s->written) || !expo_value(s->written, &s->value)) return expo_fail(e, "not a value: %s", s->written);
    expo_blanks(e);
    if (expo_word(e, word, sizeof word)) {
        (void)strtoll(word, &end, 10);
        if (*end) return expo_fail(e, "not a timestamp: %s", word);
    }
    expo_blanks(e);
    f = expo_family_of_sample(e, s->name);
    f->begun = true;
    snprintf(s->family, sizeof s->family, "%s", f->name);
    l = strcmp(f->type, "histogram") == 0 ? expo_label_of(s, "le") : strcmp(f->type, "summary") == 0 ? expo_label_of(s, "quantile") : NULL;
    if (l && !expo_value(l->value, &number)) return expo_fail(e, "not a number: %s", l->value);
    return e->at == e->end || *e->at == '\n' || expo_fail(e, "more behind the sample");
}

/* The grammar alone. Give *e back with expo_free. */
static bool expo_read(expo *e, const char *text, size_t len) {
    memset(e, 0, sizeof *e);
    e->at = text;
    e->end = text + len;
    while (e->at < e->end) {
        e->line++;
        expo_blanks(e);
        if (e->at < e->end && *e->at == '#') {
            if (!expo_comment(e)) return false;
            while (e->at < e->end && *e->at != '\n') e->at++;
        } else if (e->at < e->end && *e->at != '\n' && !expo_take_sample(e)) {
            return false;
        }
        if (e->at == e->end) return expo_fail(e, "the last line has no end");
        e->at++;
    }
    return true;
}

/* ---- what else must hold ---- */

static bool expo_same_labels(const expo_sample *a, const expo_sample *b, const char *but) {
    int i = 0, k = 0;
    for (;; i++, k++) {
        if (but && i < a->count && strcmp(a->labels[i].name, but) == 0) i++;
        if (but && k < b->count && strcmp(b->labels[k].name, but) == 0) k++;
        if (i == a->count || k == b->count) return i == a->count && k == b->count;
        if (strcmp(a->labels[i].name, b->labels[k].name) != 0 || strcmp(a->labels[i].value, b->labels[k].value) != 0) return false;
    }
}

static bool expo_ends(const char *name, const char *with) {
    size_t len = strlen(name), tail = strlen(with);
    return len > tail && strcmp(name + len - tail, with) == 0;
}

static bool expo_no_doubles(expo *e) {
    size_t i, k;
    for (i = 0; i < e->count; i++)
        for (k = 0; k < i; k++) {
            e->line = e->samples[i].line;
            if (strcmp(e->samples[i].name, e->samples[k].name) == 0 && expo_same_labels(&e->samples[i], &e->samples[k], NULL)) return expo_fail(e, "a series twice: %s", e->samples[i].name);
        }
    return true;
}

static bool expo_whole_families(expo *e) {
    expo_family *last = NULL, *f;
    size_t i;
    for (i = 0; i < e->count; i++) {
        e->line = e->samples[i].line;
        f = expo_family_find(e, e->samples[i].family);
        if (!f->help || !f->typed) return expo_fail(e, "no HELP and TYPE: %s", f->name);
        if (f != last && f->closed) return expo_fail(e, "a family in two pieces: %s", f->name);
        if (last && last != f) last->closed = true;
        last = f;
    }
    return true;
}

/* The buckets that begin at sample i, and what follows them. Moves i to the last of them. */
static bool expo_histogram(expo *e, size_t *i) {
    const expo_sample *first = &e->samples[*i], *s;
    double below = -1, end = 0, last = -1;
    bool whole = false;
    size_t at = *i;
    e->line = first->line;
    for (; at < e->count && strcmp(e->samples[at].family, first->family) == 0 && expo_ends(e->samples[at].name, "_bucket") && expo_same_labels(&e->samples[at], first, "le"); at++) {
        const expo_label *l = expo_label_of(&e->samples[at], "le");
        if (!l) return expo_fail(e, "a bucket without le: %s", first->family);
        expo_value(l->value, &end);
        if (end <= last) return expo_fail(e, "le does not rise: %s", first->family);
        if (e->samples[at].value < below) return expo_fail(e, "buckets fall: %s", first->family);
        below = e->samples[at].value;
        last = end;
        whole = strcmp(l->value, "+Inf") == 0;
    }
    if (!whole) return expo_fail(e, "no bucket +Inf: %s", first->family);
    s = at < e->count ? &e->samples[at] : NULL;
    if (!s || !expo_ends(s->name, "_sum") || !expo_same_labels(s, first, "le")) return expo_fail(e, "no _sum: %s", first->family);
    s = at + 1 < e->count ? &e->samples[at + 1] : NULL;
    if (!s || !expo_ends(s->name, "_count") || !expo_same_labels(s, first, "le")) return expo_fail(e, "no _count: %s", first->family);
    if (s->value != below) return expo_fail(e, "_count is not the bucket +Inf: %s", first->family);
    *i = at + 1;
    return true;
}

static bool expo_histograms(expo *e) {
    size_t i;
    for (i = 0; i < e->count; i++) {
        const expo_family *f = expo_family_find(e, e->samples[i].family);
        e->line = e->samples[i].line;
        if (strcmp(f->type, "histogram") != 0) continue;
        if (!expo_ends(e->samples[i].name, "_bucket")) return expo_fail(e, "not in the order buckets, _sum, _count: %s", f->name);
        if (!expo_histogram(e, &i)) return false;
    }
    return true;
}

static bool expo_check(expo *e, const char *text, size_t len) {
    size_t i;
    if (!expo_read(e, text, len) || !expo_no_doubles(e) || !expo_whole_families(e) || !expo_histograms(e)) return false;
    for (i = 0; i < e->count; i++) {
        const expo_family *f = expo_family_find(e, e->samples[i].family);
        e->line = e->samples[i].line;
        if (strcmp(f->type, "counter") == 0 && (!expo_ends(f->name, "_total") || !(e->samples[i].value >= 0))) return expo_fail(e, "a counter that is none: %s", f->name);
    }
    return true;
}

#endif
