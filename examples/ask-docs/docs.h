/* The files of a folder, and their chunks: paragraphs as long as they fit, each chunk beginning with the last paragraphs of the one before. */
#ifndef DOCS_H
#define DOCS_H
#include "../kit/kit.h"
#include <dirent.h>

enum { MAX_FILES = 100000, MAX_CHUNKS = 200000, MAX_DEPTH = 64, MAX_DOC = 8 << 20, MAX_DOCS = 512 << 20 };

typedef struct doc { char *path, *content; size_t len; hash hash; } doc; /* path: below the folder */
typedef struct chunk { size_t doc, at, len; unsigned long first_line, last_line; hash key; } chunk;
typedef struct docs { char *root; doc *files; size_t count, bytes; chunk *chunks; size_t chunk_count; } docs;
typedef struct unit { size_t at, len; unsigned long line; } unit; /* what a chunk is made of: a paragraph, or a part of one */

/* ---- which files ---- */

static inline bool is_document(const char *name) {
    static const char *const ends[] = {".md", ".markdown", ".txt", ".text", ".rst", ".adoc", ".org", ".tex", ".html", ".c", ".h", ".cc",
                                       ".cpp", ".cxx", ".hpp", ".m", ".cs", ".py", ".pl", ".rb", ".lua", ".js", ".ts", ".jsx",
                                       ".tsx", ".go", ".rs", ".java", ".kt", ".swift", ".scala", ".php", ".sh", ".sql", ".css", ".yaml", ".yml", ".toml", ".json", ".xml", ".ini", ".cfg", ".cmake", ".def"};
    static const char *const names[] = {"README", "LICENSE", "COPYING", "NEWS", "TODO", "Makefile", "Dockerfile"};
    const char *dot = strrchr(name, '.');
    size_t i;
    for (i = 0; dot && i < sizeof ends / sizeof *ends; i++)
        if (!strcmp(dot, ends[i])) return true;
    for (i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(name, names[i])) return true;
    return false;
}

/* RFC 3629, and no NUL: what is none is not a text that could be sent. */
static inline bool is_utf8(const char *bytes, size_t len) {
    const unsigned char *s = (const unsigned char *)bytes, *end = s + len;
    while (s < end) {
        int more = *s < 0x80 ? 0 : *s >= 0xC2 && *s <= 0xDF ? 1 : (*s & 0xF0) == 0xE0 ? 2 : *s >= 0xF0 && *s <= 0xF4 ? 3 : -1, k;
        if (more < 0 || !*s || end - s <= more) return false;
        for (k = 1; k <= more; k++)
            if ((s[k] & 0xC0) != 0x80) return false;
        if ((*s == 0xE0 && s[1] < 0xA0) || (*s == 0xED && s[1] > 0x9F) || (*s == 0xF0 && s[1] < 0x90) || (*s == 0xF4 && s[1] > 0x8F)) return false;
        s += more + 1;
    }
    return true;
}

static inline hash hash_of_content(const char *content, size_t len) {
    sha256 s;
    sha256_start(&s);
    sha256_add(&s, content, len);
    return sha256_end(&s);
}

static inline void docs_add_file(docs *d, const char *full, const char *path) {
    doc *f;
    size_t len;
    char *content = read_file(full, MAX_DOC, &len);
    if (!content) return; /* said already; the others are indexed */
    if (!len || !is_utf8(content, len)) {
        if (len) note("%s: is no text in UTF-8, left out", full);
        free(content);
        return;
    }
    d->bytes += len;
    if (d->count == MAX_FILES || d->bytes > MAX_DOCS) die(EXIT_USAGE, "%s: too much for one index: more than %d files or %d MB", d->root, MAX_FILES, MAX_DOCS >> 20);
    d->files = (doc *)grow(d->files, d->count + 1, sizeof *d->files);
    f = &d->files[d->count++];
    f->path = (char *)grow(NULL, strlen(path) + 1, 1);
    memcpy(f->path, path, strlen(path) + 1);
    f->content = content;
    f->len = len;
    f->hash = hash_of_content(content, len);
}

/* Hidden files and folders are not looked into, symbolic links not followed. */
static inline void docs_walk(docs *d, const char *below, int depth) {
    text folder = {0};
    DIR *dir;
    const struct dirent *e;
    putf(&folder, "%s%s%s", d->root, *below ? "/" : "", below);
    dir = depth < MAX_DEPTH ? opendir(folder.ptr) : NULL;
    if (!dir) note("%s: %s", folder.ptr, depth < MAX_DEPTH ? strerror(errno) : "too deep, left out");
    while (dir && (e = readdir(dir)) != NULL) {
        text full = {0}, path = {0};
        struct stat st;
        if (e->d_name[0] == '.') continue;
        puts_to(&path, below);
        if (*below) puts_to(&path, "/");
        puts_to(&path, e->d_name);
        puts_to(&full, d->root);
        puts_to(&full, "/");
        puts_to(&full, path.ptr);
        if (lstat(full.ptr, &st) == 0) {
            if (S_ISDIR(st.st_mode)) docs_walk(d, path.ptr, depth + 1);
            else if (S_ISREG(st.st_mode) && is_document(e->d_name)) docs_add_file(d, full.ptr, path.ptr);
        }
        free(full.ptr);
        free(path.ptr);
    }
    if (dir) closedir(dir);
    free(folder.ptr);
}

static inline int docs_order(const void *a, const void *b) {
    return strcmp(((const doc *)a)->path, ((const doc *)b)->path);
}

/* ---- chunks ---- */

/* The unit that begins at `at`: up to the blank lines behind a paragraph; a longer paragraph ends behind a line, a longer line behind a character. */
static inline unit unit_at(const char *s, size_t len, size_t at, unsigned long line, size_t most) {
    unit u;
    size_t end = at, line_end = 0;
    bool blank = false;
    u.at = at;
    u.line = line;
    while (end < len) {
        const char *newline = (const char *)memchr(s + end, '\n', len - end);
        size_t next = newline ? (size_t)(newline - s) + 1 : len, k = end;
        while (k < next && strchr(" \t\r\n", s[k])) k++;
        if (blank && k < next) break; /* the next paragraph */
        if (k == next && end > at) blank = true;
        if (next - at > most) {
            if (line_end) break;
            for (end = at + most; ((unsigned char)s[end] & 0xC0) == 0x80; end--) continue; /* a line alone is too long */
            u.len = end - at;
            return u;
        }
        end = line_end = next;
    }
    u.len = end - at;
    return u;
}

static inline void docs_add_chunk(docs *d, size_t file, const unit *first, const unit *last, const char *setting) {
    chunk *c;
    sha256 s;
    const char *content = d->files[file].content;
    size_t at = first->at, end = last->at + last->len, k = at;
    unsigned long line = first->line;
    while (end > at && strchr(" \t\r\n", content[end - 1])) end--;
    for (; k < end && strchr(" \t\r\n", content[k]); k++) {
        if (content[k] != '\n') continue;
        at = k + 1;
        line++;
    }
    if (k == end) return; /* nothing but white space */
    if (d->chunk_count == MAX_CHUNKS) die(EXIT_USAGE, "%s: more than %d chunks: make them longer by --chunk, or index a part of it", d->root, MAX_CHUNKS);
    if ((d->chunk_count & (d->chunk_count - 1)) == 0) d->chunks = (chunk *)grow(d->chunks, d->chunk_count ? d->chunk_count * 2 : 1, sizeof *d->chunks);
    c = &d->chunks[d->chunk_count++];
    c->doc = file;
    c->at = at;
    c->len = end - at;
    c->first_line = line;
    for (k = at; k < end; k++) line += content[k] == '\n';
    c->last_line = line;
    sha256_start(&s);
    sha256_word(&s, "ask-docs: document 1");
    sha256_word(&s, setting);
    sha256_add(&s, content + c->at, c->len);
    c->key = sha256_end(&s);
}

static inline void docs_cut(docs *d, size_t file, size_t most, size_t overlap, const char *setting) {
    const doc *f = &d->files[file];
    unit *u = NULL;
    size_t count = 0, at = 0, i = 0, j;
    unsigned long line = 1;
    while (at < f->len) {
        unit one = unit_at(f->content, f->len, at, line, most);
        size_t k;
        if ((count & (count - 1)) == 0) u = (unit *)grow(u, count ? count * 2 : 1, sizeof *u);
        u[count++] = one;
        for (k = at; k < at + one.len; k++) line += f->content[k] == '\n';
        at += one.len;
    }
    while (i < count) {
        size_t end, next;
        for (j = i; j + 1 < count && u[j + 1].at + u[j + 1].len - u[i].at <= most; j++) continue;
        docs_add_chunk(d, file, &u[i], &u[j], setting);
        if (j + 1 == count) break;
        end = u[j].at + u[j].len;
        for (next = j + 1; next > i + 1 && end - u[next - 1].at <= overlap; next--) continue;
        i = next;
    }
    free(u);
}

/* Reads a folder and cuts its files. setting: what a vector depends on besides the text. */
static inline void docs_read(docs *d, const char *folder, size_t most, size_t overlap, const char *setting) {
    struct stat st;
    size_t i;
    memset(d, 0, sizeof *d);
    d->root = realpath(folder, NULL);
    if (!d->root || stat(d->root, &st) != 0) die(EXIT_USAGE, "%s: %s", folder, strerror(errno));
    if (!S_ISDIR(st.st_mode)) die(EXIT_USAGE, "%s: is no folder", folder);
    docs_walk(d, "", 0);
    if (!d->count) die(EXIT_USAGE, "%s: no texts, Markdown or source files in it", folder);
    qsort(d->files, d->count, sizeof *d->files, docs_order);
    for (i = 0; i < d->count; i++) docs_cut(d, i, most, overlap, setting);
    if (!d->chunk_count) die(EXIT_USAGE, "%s: its files hold nothing but white space", folder);
}

static inline void docs_free(docs *d) {
    size_t i;
    for (i = 0; i < d->count; i++) {
        free(d->files[i].path);
        free(d->files[i].content);
    }
    free(d->files);
    free(d->chunks);
    free(d->root);
}
#endif
