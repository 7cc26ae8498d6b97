/* Joins the parts into llmfactory.h, and writes the part that follows from the table.
 *
 *   amalgamate ROOT OUT               writes OUT
 *   amalgamate --options TABLE OUT    writes the options of TABLE's providers and dialects: src/provider_options.h
 *   amalgamate --check [--options] ROOT OUT   compares, and says how to mend a difference
 *
 * ROOT's own #include "…" lines are replaced by the files they name, depth first, each file once: the order has no second list.
 * A .def file (the X-macro table) is included many times by design. It becomes list macros, one for each row kind and provider, and each
 * place that included it becomes the list of the kind which the lines before it had defined.
 * The output depends on the files alone: no date, no path of this machine, LF. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FILES = 256, MAX_PATH = 512, MAX_LINE = 4096, MAX_KINDS = 16, MAX_OWNERS = 96, NAME = 48 };

typedef struct text {
    char *ptr;
    size_t len, cap;
} text;

static char seen[MAX_FILES][MAX_PATH];
static int seen_depth[MAX_FILES];   /* the #if blocks around the place where it was joined */
static int seen_count;
static int depth;                   /* of #if blocks, include guards not counted */
static text out;
static char current_kind[NAME];     /* the row kind that the last #define before an include of the table was about */
static bool table_written;

static void fail(const char *what, const char *name) {
    fprintf(stderr, "amalgamate: %s: %s\n", what, name);
    exit(2);
}

static void add(text *t, const char *bytes, size_t len) {
    if (t->len + len + 1 > t->cap) {
        t->cap = (t->len + len + 1) * 2;
        t->ptr = (char *)realloc(t->ptr, t->cap);
        if (!t->ptr) fail("out of memory", "output");
    }
    memcpy(t->ptr + t->len, bytes, len);
    t->len += len;
    t->ptr[t->len] = '\0';
}

static void say(text *t, const char *s) {
    add(t, s, strlen(s));
}

static void say_all(const char *a, const char *b, const char *c, const char *d) {
    say(&out, a);
    say(&out, b);
    say(&out, c);
    say(&out, d);
}

static bool read_file(const char *path, text *t) {
    FILE *f = fopen(path, "rb");
    char block[65536];
    size_t n;
    if (!f) return false;
    while ((n = fread(block, 1, sizeof block, f)) > 0) add(t, block, n);
    fclose(f);
    if (!t->ptr) say(t, "");
    return true;
}

/* "a/b/../c" -> "a/c", so that one file has one name. */
static void tidy(char *path) {
    char *up;
    while ((up = strstr(path, "/../")) != NULL) {
        char *from = up;
        while (from > path && from[-1] != '/') from--;
        memmove(from, up + 4, strlen(up + 4) + 1);
    }
}

static void beside(const char *file, const char *name, char *path) {
    const char *slash = strrchr(file, '/');
    size_t dir = slash ? (size_t)(slash - file) + 1 : 0;
    if (dir + strlen(name) + 1 > MAX_PATH) fail("path too long", name);
    memcpy(path, file, dir);
    strcpy(path + dir, name);
    tidy(path);
}

static bool first_time(const char *path) {
    int i;
    for (i = 0; i < seen_count; i++) {
        if (strcmp(seen[i], path) != 0) continue;
        if (seen_depth[i] > depth) fail("is wanted here, but was joined inside an #if before: include it earlier, outside of it", path);
        return false;
    }
    if (seen_count == MAX_FILES) fail("more than MAX_FILES files", path);
    seen_depth[seen_count] = depth;
    strcpy(seen[seen_count++], path);
    return true;
}

/* ---- the table ---- */

typedef struct row {
    char kind[NAME], owner[NAME];
    const char *from;
    size_t len;
} row;

static size_t word(const char *s, char *to) {
    size_t n = 0;
    while ((s[n] >= 'A' && s[n] <= 'Z') || (s[n] >= '0' && s[n] <= '9') || s[n] == '_') n++;
    if (n >= NAME) fail("name too long in the table", s);
    memcpy(to, s, n);
    to[n] = '\0';
    return n;
}

/* The end of a row that starts at `s`: behind its closing parenthesis, strings skipped. */
static const char *row_end(const char *s) {
    int open = 0;
    for (; *s; s++) {
        if (*s == '"')
            for (s++; *s && *s != '"'; s++)
                if (*s == '\\' && s[1]) s++;
        if (*s == '(') open++;
        if (*s == ')' && --open == 0) return s + 1;
    }
    fail("a row does not end", "table");
    return s;
}

static bool next_row(const char **at, row *r) {
    const char *s = *at;
    while (*s) {
        if (strncmp(s, "LLMF_", 5) == 0) {
            size_t n = word(s + 5, r->kind);
            if (s[5 + n] == '(') {
                word(s + 5 + n + 1, r->owner);
                r->from = s;
                *at = row_end(s);
                r->len = (size_t)(*at - s);
                return true;
            }
        }
        s = strchr(s, '\n');
        if (!s) break;
        s++;
    }
    return false;
}

static int known(char (*names)[NAME], int *count, int max, const char *name) {
    int i;
    for (i = 0; i < *count; i++)
        if (strcmp(names[i], name) == 0) return i;
    if (*count == max) fail("too many different names in the table", name);
    strcpy(names[(*count)++], name);
    return i;
}

static void one_list(const char *table, const char *kind, const char *owner) {
    const char *at = table;
    row r;
    while (next_row(&at, &r)) {
        if (strcmp(r.kind, kind) != 0 || (owner && strcmp(r.owner, owner) != 0)) continue;
        say(&out, " \\\n    ");
        add(&out, r.from, r.len);
    }
    say(&out, "\n");
}

/* Kinds whose rows belong to a provider: the provider's own option decides. A provider's row itself stays, so that "left out" is not "unknown". */
static bool owned(const char *kind) {
    return strcmp(kind, "MODEL") == 0 || strcmp(kind, "TIER") == 0;
}

static void owned_lists(const char *table, const char *kind) {
    char owners[MAX_OWNERS][NAME];
    int count = 0, i;
    const char *at = table;
    row r;
    while (next_row(&at, &r))
        if (strcmp(r.kind, kind) == 0) known(owners, &count, MAX_OWNERS, r.owner);
    for (i = 0; i < count; i++) {
        say_all("#if LLMF_HAS_", owners[i], "\n#define LLMFI_ROWS_", kind);
        say_all("_", owners[i], "", "");
        one_list(table, kind, owners[i]);
        say_all("#else\n#define LLMFI_ROWS_", kind, "_", owners[i]);
        say(&out, "\n#endif\n");
    }
    say(&out, "#define LLMFI_ROWS_");
    say(&out, kind);
    for (i = 0; i < count; i++) say_all(" \\\n    LLMFI_ROWS_", kind, "_", owners[i]);
    say(&out, "\n");
}

/* The comment at the head of the table is its legend: kept. */
static void write_table(const char *path) {
    char kinds[MAX_KINDS][NAME];
    int count = 0, i;
    text table = {NULL, 0, 0};
    const char *at, *legend;
    row r;
    if (!read_file(path, &table)) fail("cannot read", path);
    legend = strstr(table.ptr, "*/");
    if (legend && strncmp(table.ptr, "/*", 2) == 0) {
        add(&out, table.ptr, (size_t)(legend - table.ptr) + 2);
        say(&out, "\n");
    }
    at = table.ptr;
    while (next_row(&at, &r)) known(kinds, &count, MAX_KINDS, r.kind);
    for (i = 0; i < count; i++) {
        if (owned(kinds[i])) {
            owned_lists(table.ptr, kinds[i]);
        } else {
            say(&out, "#define LLMFI_ROWS_");
            say(&out, kinds[i]);
            one_list(table.ptr, kinds[i], NULL);
        }
    }
    free(table.ptr);
    table_written = true;
}

static void use_table(void) {
    if (!current_kind[0]) fail("an include of the table without a #define LLMF_<KIND>( before it", "");
    say_all("#ifdef LLMF_MODELS_DEF\n#include LLMF_MODELS_DEF\n#else\nLLMFI_ROWS_", current_kind, "\n#undef LLMF_", current_kind);
    say(&out, "\n#endif\n");
}

/* ---- the options of the table's rows ---- */

/* Column `n` of a row, quotes included. */
static row column(const row *r, int n) {
    row c = *r;
    const char *s = memchr(r->from, '(', r->len), *end = r->from + r->len - 1;
    bool quoted = false;
    for (s++; s < end && n; s++) {
        if (*s == '"') quoted = !quoted;
        if (*s == ',' && !quoted) n--;
    }
    if (n) fail("a row has too few columns", c.owner);
    while (*s == ' ' || *s == '\n') s++;
    c.from = s;
    for (; s < end && (quoted || *s != ','); s++)
        if (*s == '"') quoted = !quoted;
    c.len = (size_t)(s - c.from);
    return c;
}

/* The word stands in the column, by itself or between others. */
static bool says(const row *c, const char *name) {
    size_t n = strlen(name), i;
    char at[NAME];
    for (i = 0; i + n <= c->len; i++)
        if ((i == 0 || c->from[i - 1] == '"' || c->from[i - 1] == ' ') && word(c->from + i, at) == n && memcmp(at, name, n) == 0) return true;
    return false;
}

/* Which rows a macro of the options depends on. */
enum { ANY, OF_DIALECT, WITH_AUTH, WITH_HOLES, WITH_FRAMING, BUILT_ON };
static const struct {
    const char *kind;
    int column;
} tests_of[] = { { "PROVIDER", 0 }, { "PROVIDER", 3 }, { "PROVIDER", 5 }, { "PROVIDER", 4 }, { "DIALECT", 3 }, { "DIALECT", 2 } };

static bool counts(const row *r, int test, const char *name) {
    row c;
    if (strcmp(r->kind, tests_of[test].kind) != 0) return false;
    c = column(r, tests_of[test].column);
    if (test == ANY) return true;
    if (test == WITH_HOLES) return memchr(c.from, '{', c.len) != NULL;
    return says(&c, name);
}

/* "LLMF_HAS_A || LLMF_HAS_B …", beginning a line anew where it gets long; how many there were before and are now. */
static int any_of(const char *table, int test, const char *name, int some) {
    const char *at = table;
    row r;
    while (next_row(&at, &r)) {
        if (!counts(&r, test, name)) continue;
        if (some) say(&out, some % 6 ? " || " : " || \\\n    ");
        say_all("LLMF_HAS_", strcmp(r.kind, "DIALECT") == 0 ? "DIALECT_" : "", r.owner, "");
        some++;
    }
    return some;
}

/* MACRO is 1 where one of the rows that pass the test is built in; of a dialect also where another is that is built on it. */
static void option(const char *table, const char *macro, int test, const char *name) {
    int some;
    say(&out, "#if ");
    some = any_of(table, test, name, 0);
    if (test == OF_DIALECT) some = any_of(table, BUILT_ON, name, some);
    if (!some) say(&out, "0");
    say_all("\n#define ", macro, " 1\n#else\n#define ", macro);
    say(&out, " 0\n#endif\n");
}

static void provider_option(const char *x) {
    say_all("#if (LLMF_ONLY && !(defined(LLMF_WITH_", x, ") && LLMF_WITH_", x);
    say_all(")) || (defined(LLMF_NO_", x, ") && LLMF_NO_", x);
    say_all(")\n#define LLMF_HAS_", x, " 0\n#else\n#define LLMF_HAS_", x);
    say(&out, " 1\n#endif\n");
}

/* Those that another is built on stand behind it. */
static void dialect_options(const char *table, bool built_on) {
    const char *at = table;
    char macro[NAME * 2];
    row r;
    while (next_row(&at, &r)) {
        const char *any = table;
        bool base = false;
        row other;
        if (strcmp(r.kind, "DIALECT") != 0) continue;
        while (next_row(&any, &other)) base = base || counts(&other, BUILT_ON, r.owner);
        if (base != built_on) continue;
        snprintf(macro, sizeof macro, "LLMF_HAS_DIALECT_%s", r.owner);
        option(table, macro, OF_DIALECT, r.owner);
    }
}

static void write_options(const char *path) {
    static const struct {
        const char *macro, *name;
        int test;
    } others[] = { { "LLMFI_HAS_PROVIDER", "", ANY },           { "LLMFI_ROWS_USE_AWS", "AWS", WITH_AUTH },
                   { "LLMFI_ROWS_HAVE_HOLES", "", WITH_HOLES },     { "LLMFI_ROWS_STREAM_SSE", "SSE", WITH_FRAMING },
                   { "LLMFI_ROWS_STREAM_NDJSON", "NDJSON", WITH_FRAMING }, { "LLMFI_ROWS_STREAM_JSON_ARRAY", "JSON_ARRAY", WITH_FRAMING },
                   { "LLMFI_HAS_EVENTSTREAM", "EVENTSTREAM", WITH_FRAMING } };
    text table = {NULL, 0, 0};
    const char *at;
    size_t i;
    row r;
    if (!read_file(path, &table)) fail("cannot read", path);
    say(&out, "/* What of models.def is in this build: written by `make product` from its rows; never edit it by hand. */\n"
              "#ifndef LLMFI_PROVIDER_OPTIONS_H\n#define LLMFI_PROVIDER_OPTIONS_H\n\n/* ---- providers ---- */\n\n");
    for (at = table.ptr; next_row(&at, &r);)
        if (strcmp(r.kind, "PROVIDER") == 0) provider_option(r.owner);
    say(&out, "\n/* ---- dialects: in when a provider of theirs is, or a dialect that is built on them ---- */\n\n");
    dialect_options(table.ptr, false);
    dialect_options(table.ptr, true);
    say(&out, "\n/* ---- what some rows need ---- */\n\n");
    for (i = 0; i < sizeof others / sizeof others[0]; i++) option(table.ptr, others[i].macro, others[i].test, others[i].name);
    say(&out, "\n#endif\n");
    free(table.ptr);
}

/* ---- the parts ---- */

/* "#define LLMF_<KIND>(": rows of that kind are wanted. */
static bool is_kind(const char *line) {
    char name[NAME];
    return strncmp(line, "#define LLMF_", 13) == 0 && line[13 + word(line + 13, name)] == '(';
}

/* The file named by an #include "…" line, or false. Only in the first column: one that stands further in is part of a comment. */
static bool included(const char *line, char *name) {
    const char *from = line + 10, *to;
    if (strncmp(line, "#include \"", 10) != 0) return false;
    to = strchr(from, '"');
    if (!to || to - from >= MAX_PATH) fail("cannot read this line", line);
    memcpy(name, from, (size_t)(to - from));
    name[to - from] = '\0';
    return true;
}

static void join(const char *path);

static void join_line(const char *path, const char *line, size_t len) {
    char copy[MAX_LINE], name[MAX_PATH], child[MAX_PATH];
    if (len >= sizeof copy) fail("a line is too long", path);
    memcpy(copy, line, len);
    copy[len] = '\0';
    if (is_kind(copy)) word(copy + 13, current_kind);
    if (strncmp(copy, "#if", 3) == 0) depth++;
    if (strncmp(copy, "#endif", 6) == 0) depth--;
    if (!included(copy, name)) {
        add(&out, line, len);
        return;
    }
    beside(path, name, child);
    if (strlen(name) > 4 && strcmp(name + strlen(name) - 4, ".def") == 0) use_table();
    else if (first_time(child)) join(child);
}

/* The list macros stand before the first part that uses them; the root must have included the options before that. */
static void find_table(const char *path, const char *part) {
    char name[MAX_PATH], table[MAX_PATH];
    const char *line = strstr(part, ".def\"\n");
    if (!line || table_written) return;
    while (line > part && line[-1] != '\n') line--;
    if (!included(line, name)) fail("cannot read the include of the table", path);
    beside(path, name, table);
    write_table(table);
}

static void join(const char *path) {
    text t = {NULL, 0, 0};
    const char *at, *end;
    if (!read_file(path, &t)) fail("cannot read", path);
    if (strchr(t.ptr, '\r')) fail("has CR line ends; use LF", path);
    find_table(path, t.ptr);
    if (strstr(t.ptr, "\n#ifndef LLMFI_") != NULL) depth--; /* its guard */
    for (at = t.ptr; *at; at = end) {
        end = strchr(at, '\n');
        end = end ? end + 1 : at + strlen(at);
        join_line(path, at, (size_t)(end - at));
    }
    if (strstr(t.ptr, "\n#ifndef LLMFI_") != NULL) depth++;
    free(t.ptr);
}

static int check(const char *path) {
    text old = {NULL, 0, 0};
    size_t i, line = 1;
    if (read_file(path, &old) && old.len == out.len && memcmp(old.ptr, out.ptr, out.len) == 0) return 0;
    for (i = 0; i < old.len && i < out.len && old.ptr[i] == out.ptr[i]; i++)
        if (old.ptr[i] == '\n') line++;
    fprintf(stderr, "%s is not what the parts give (first difference: line %lu). Never edit it by hand; mend it with: make product\n", path, (unsigned long)line);
    return 1;
}

int main(int argc, char **argv) {
    bool checking = argc > 1 && strcmp(argv[1], "--check") == 0;
    bool options = argc > 1 + checking && strcmp(argv[1 + checking], "--options") == 0;
    const char *root, *path;
    FILE *f;
    if (argc != 3 + checking + options) {
        fprintf(stderr, "usage: amalgamate [--check] ROOT OUT, or amalgamate [--check] --options TABLE OUT\n");
        return 2;
    }
    root = argv[argc - 2];
    path = argv[argc - 1];
    if (options) {
        write_options(root);
    } else {
        first_time(root);
        join(root);
    }
    if (checking) return check(path);
    f = fopen(path, "wb");
    if (!f || fwrite(out.ptr, 1, out.len, f) != out.len || fclose(f) != 0) fail("cannot write", path);
    return 0;
}
