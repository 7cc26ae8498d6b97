/* tests/config/corpus.txt: configs that are wrong in one way each, or right though they do not look so; each is loaded, and all that is said of it compared.
     corpus              the test
     corpus --print      the corpus with what is said now in place of what is expected: to be read through before it is kept
     corpus --write DIR  each case as DIR/NAME/FILE, for fuzzers and other validators */
#define LLMFACTORY_IMPLEMENTATION
#define LLMF_NO_CURL 1
#include "../../llmfactory.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_LINES = 40, MAX_FILES = 4, MAX_TEXT = 1 << 17 };

typedef struct corpus_case {
    char name[96];
    char want[MAX_LINES][400], got[MAX_LINES][640]; /* "! 3:5 message": refused, and a schema sees it; "~ ...": refused, and no schema can; "w ...": a warning */
    int want_count, got_count;
    char file[MAX_FILES][64];
    char *text[MAX_FILES], *raw[MAX_FILES];
    size_t len[MAX_FILES], raw_len[MAX_FILES];
    int files;
    bool directory;
} corpus_case;

static char folder[256], path[600];
static int passed, failed;

static void die(const char *what, const char *about) {
    fprintf(stderr, "corpus: %s %s\n", what, about);
    exit(1);
}

static const char *fake_env(void *user, const char *name) {
    static const char *const all[][2] = {{"SECRET", "sk-canary"}, {"N", "7"}, {"T", "0.5"}, {"URL", "https://host.example/v1"}, {"EMPTY", ""}, {"NAME", "fast"}, {"LATIN", "caf\xe9"},
                                         {"OPENAI_API_KEY", "sk-canary"}, {"LINE", "a\nb"}, {"NEST", "${N}"}};
    size_t i;
    (void)user;
    for (i = 0; i < sizeof all / sizeof all[0]; i++)
        if (strcmp(all[i][0], name) == 0) return all[i][1];
    return NULL;
}

/* ---- the corpus's form ---- */

static int hex(char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* {{hex}}, {{hex*times}} or {{!}}, which takes the line's end away, at `at`: its length, 0 where there is none. */
static size_t expand(const char *at, char *to, size_t *len, bool *joined) {
    char bytes[64];
    size_t n = 0, i = 2, times = 1;
    if (at[0] != '{' || at[1] != '{') return 0;
    if (at[2] == '!' && at[3] == '}' && at[4] == '}') return *joined = true, (size_t)5;
    for (; n < sizeof bytes && hex(at[i]) >= 0 && hex(at[i + 1]) >= 0; i += 2) bytes[n++] = (char)(hex(at[i]) * 16 + hex(at[i + 1]));
    if (n && at[i] == '*') times = strtoul(at + i + 1, NULL, 10);
    if (n && at[i] == '*') i += 1 + strspn(at + i + 1, "0123456789");
    if (!n || at[i] != '}' || at[i + 1] != '}') return 0;
    for (; times--; *len += n) {
        if (*len + n > MAX_TEXT - 2) die("a text is too long:", at);
        memcpy(to + *len, bytes, n);
    }
    return i + 2;
}

static void add_text(corpus_case *c, const char *line) {
    int f = c->files - 1;
    bool joined = false;
    size_t n;
    if (!c->text[f]) c->text[f] = (char *)malloc(MAX_TEXT), c->raw[f] = (char *)malloc(MAX_TEXT);
    n = strlen(line);
    memcpy(c->raw[f] + c->raw_len[f], line, n);
    c->raw_len[f] += n;
    c->raw[f][c->raw_len[f]++] = '\n';
    while (*line) {
        n = expand(line, c->text[f], &c->len[f], &joined);
        if (!n) c->text[f][c->len[f]++] = *line;
        line += n ? n : 1;
        if (c->len[f] > MAX_TEXT - 2) die("a text is too long:", c->name);
    }
    if (!joined) c->text[f][c->len[f]++] = '\n';
}

static void begin_file(corpus_case *c, const char *name) {
    if (c->files == MAX_FILES) die("too many files in", c->name);
    snprintf(c->file[c->files++], sizeof c->file[0], "%s", name);
}

static void begin_case(corpus_case *c, const char *rest) {
    size_t n = strcspn(rest, " ");
    snprintf(c->name, sizeof c->name, "%.*s", (int)n, rest);
    if (rest[n]) {
        char name[64];
        snprintf(name, sizeof name, "c%s", rest + n + 1);
        begin_file(c, name);
    } else {
        begin_file(c, "c.yaml");
    }
}

static void end_case(corpus_case *c) {
    int i;
    for (i = 0; i < MAX_FILES; i++) free(c->text[i]), free(c->raw[i]);
    memset(c, 0, sizeof *c);
}

/* ---- one case ---- */

static void on_problem(void *user, const llmf_error *e) {
    corpus_case *c = (corpus_case *)user;
    const char *error = strstr(e->text, ": error: "), *warned = strstr(e->text, ": warning: ");
    bool warning = warned && (!error || warned < error); /* the file's own words may say the other behind it */
    const char *said = warning ? warned : error, *where = c->directory ? strstr(e->text, folder) : NULL, *what;
    char *to;
    if (c->got_count == MAX_LINES) die("too many problems in", c->name);
    to = c->got[c->got_count];
    what = said ? said + (warning ? 11 : 9) : e->text;
    if (where) where += strlen(folder) + 1;
    snprintf(to, sizeof c->got[0], "%c ", warning ? 'w' : c->got_count < c->want_count && c->want[c->got_count][0] == '~' ? '~' : '!');
    if (where && said) snprintf(to + 2, sizeof c->got[0] - 2, "%.*s %s", (int)(said - where), where, what);
    else if (e->line) snprintf(to + 2, sizeof c->got[0] - 2, "%u:%u %s", (unsigned)e->line, (unsigned)e->column, what);
    else snprintf(to + 2, sizeof c->got[0] - 2, "- %s", what);
    c->got_count++;
    if (strstr(e->text, "canary")) die("a secret was told of", c->name);
}

static void write_to(const char *dir, corpus_case *c) {
    int i;
    for (i = 0; i < c->files; i++) {
        FILE *f;
        snprintf(path, sizeof path, "%s/%s", dir, c->file[i]);
        f = fopen(path, "wb");
        if (!f || fwrite(c->text[i] ? c->text[i] : "", 1, c->len[i], f) != c->len[i] || fclose(f) != 0) die("cannot write", path);
        chmod(path, strstr(c->name, "others-read") ? 0644 : 0600);
    }
}

static void take_away(const char *dir, const corpus_case *c) {
    int i;
    for (i = 0; i < c->files; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, c->file[i]);
        remove(path);
    }
}

/* Says what to do, in one of the ways that a sentence of ours does. */
static bool has_mend(const char *message) {
    return strchr(message, ';') || strstr(message, ": ") || strstr(message, " must ") || strchr(message, '?') || strstr(message, "may not");
}

static bool as_expected(const corpus_case *c) {
    int i;
    if (c->want_count != c->got_count) return false;
    for (i = 0; i < c->got_count; i++) {
        size_t n = strlen(c->want[i]);
        bool open = n > 3 && strcmp(c->want[i] + n - 3, "...") == 0;
        if (open ? strncmp(c->want[i], c->got[i], n - 3) != 0 : strcmp(c->want[i], c->got[i]) != 0) return false;
    }
    return true;
}

static void load(corpus_case *c) {
    llmf_desc d;
    llmf_error err;
    llmf_factory *f;
    int i, errors = 0;
    size_t problems;
    bool good;
    write_to(folder, c);
    memset(&d, 0, sizeof d);
    if (c->directory) d.config = folder;
    else snprintf(path, sizeof path, "%s/%s", folder, c->file[0]), d.config = path;
    d.getenv_fn = fake_env;
    d.transport = "replay";
    problems = llmf_check(&d, on_problem, c);
    f = llmf_open(&d, &err);
    for (i = 0; i < c->got_count; i++) errors += c->got[i][0] != 'w';
    good = as_expected(c) && problems == (size_t)errors && (f != NULL) == (errors == 0);
    for (i = 0; i < c->got_count; i++)
        if (!has_mend(c->got[i])) printf("FAILED: %s: says not what to do: %s\n", c->name, c->got[i]), good = false;
    llmf_close(f);
    take_away(folder, c);
    passed += good;
    failed += !good;
    if (good) return;
    printf("FAILED: %s\n", c->name);
    for (i = 0; i < c->want_count; i++) printf("    expected %s\n", c->want[i]);
    for (i = 0; i < c->got_count; i++) printf("    got      %s\n", c->got[i]);
}

static void print(corpus_case *c, FILE *out) {
    int i;
    fprintf(out, "=== %s%s%s\n", c->name, strcmp(c->file[0], "c.yaml") == 0 || c->directory ? "" : " ", strcmp(c->file[0], "c.yaml") == 0 || c->directory ? "" : c->file[0] + 1);
    for (i = 0; i < c->got_count; i++) {
        size_t n = i < c->want_count ? strlen(c->want[i]) : 0;
        bool open = n > 3 && strcmp(c->want[i] + n - 3, "...") == 0 && strncmp(c->want[i], c->got[i], n - 3) == 0;
        fprintf(out, "=%s\n", open ? c->want[i] : c->got[i]);
    }
    for (i = 0; i < c->files; i++) {
        if (c->directory) fprintf(out, "=file %s\n", c->file[i]);
        fwrite(c->raw[i] ? c->raw[i] : "", 1, c->raw_len[i], out);
    }
}

static void finish(corpus_case *c, const char *mode, const char *dir) {
    if (!c->name[0]) return;
    if (strcmp(mode, "--write") == 0) {
        snprintf(folder, sizeof folder, "%s/%s", dir, c->name);
        mkdir(folder, 0755);
        write_to(folder, c);
    } else {
        load(c);
        if (strcmp(mode, "--print") == 0) print(c, stderr);
    }
    end_case(c);
}

int main(int argc, char **argv) {
    static corpus_case c;
    static char line[MAX_TEXT];
    const char *mode = argc > 1 ? argv[1] : "", *from = getenv("LLMF_CORPUS"), *dir = argc > 2 ? argv[2] : ".";
    FILE *f = fopen(from ? from : "tests/config/corpus.txt", "rb");
    if (!f) die("cannot open", "tests/config/corpus.txt");
    snprintf(folder, sizeof folder, "/tmp/llmf-corpus-XXXXXX");
    if (strcmp(mode, "--write") != 0 && !mkdtemp(folder)) die("cannot make", folder);
    while (fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "=== ", 4) == 0) {
            finish(&c, mode, dir);
            begin_case(&c, line + 4);
        } else if (!c.name[0]) {
            if (strcmp(mode, "--print") == 0) fprintf(stderr, "%s\n", line); /* what stands before the first */
        } else if (strncmp(line, "=file ", 6) == 0) {
            if (!c.directory) c.files = 0;
            c.directory = true;
            begin_file(&c, line + 6);
        } else if (line[0] == '=' && line[1] && strchr("!~w", line[1]) && line[2] == ' ') {
            if (c.want_count == MAX_LINES) die("too many expectations of", c.name);
            snprintf(c.want[c.want_count++], sizeof c.want[0], "%s", line + 1);
        } else {
            add_text(&c, line);
        }
    }
    finish(&c, mode, dir);
    fclose(f);
    if (strcmp(mode, "--write") != 0) rmdir(folder);
    printf("%d passed, %d failed\n", passed, failed);
    return failed != 0;
}
