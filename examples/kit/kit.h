/* What the applications beside this folder share: text that grows, files, hashes, options, a journal of what is done, and one pump for many calls.
   Only llmfactory.h, libc and POSIX. An application includes it first, in its one C file.

   The journal is a file of JSON lines, {"key": …, …}, one for each finished piece of work. A line is one write() and fsync(), so a program that is killed
   loses no piece that it has a line for; a line that was cut by the end of the machine is dropped at the next start. `key` is the SHA-256 of all that the piece
   depends on (model, settings, input): what is unchanged is found again, what is changed is asked again. */
#ifndef KIT_H
#define KIT_H
#ifndef KIT_LINKED                 /* -DKIT_LINKED: the library is an object file of its own, which several applications are linked with */
#define LLMFACTORY_IMPLEMENTATION
#elif !defined(_DEFAULT_SOURCE)
#define _DEFAULT_SOURCE 1          /* as the implementation does: -std=c99 hides POSIX */
#endif
#include "llmfactory.h"
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_DOUBT = 3 };
enum { MAX_AT_ONCE = 32, MAX_TEXT_FILE = 64 << 20, MAX_JOURNAL = 1 << 30 };

static const char *program = "";   /* for messages: set by main */

/* ---- messages ---- */

#if defined(__GNUC__)
#define LIKE_PRINTF(at, first) __attribute__((format(printf, at, first)))
#define NEVER_RETURNS __attribute__((noreturn))
#else
#define LIKE_PRINTF(at, first)
#define NEVER_RETURNS
#endif

static inline void note(const char *format, ...) LIKE_PRINTF(1, 2);
static inline void note(const char *format, ...) {
    va_list args;
    fprintf(stderr, "%s: ", program);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

static inline void die(int status, const char *format, ...) LIKE_PRINTF(2, 3) NEVER_RETURNS;
static inline void die(int status, const char *format, ...) {
    va_list args;
    fprintf(stderr, "%s: ", program);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(status);
}

static inline void *grow(void *p, size_t count, size_t size) {
    void *bigger = count > SIZE_MAX / 2 / size ? NULL : realloc(p, (count ? count : 1) * size);
    if (!bigger) die(EXIT_FAILED, "no memory for %lu more bytes", (unsigned long)count * (unsigned long)size);
    return bigger;
}

/* ---- text that grows; ptr has a NUL behind it ---- */

typedef struct text { char *ptr; size_t len, cap; } text;

/* Room for so many bytes and a NUL behind what is there. */
static inline char *room(text *t, size_t len) {
    if (t->cap - t->len <= len) {
        t->cap = (t->len + len + 64) * 2;
        t->ptr = (char *)grow(t->ptr, t->cap, 1);
    }
    return t->ptr + t->len;
}

static inline void put(text *t, const char *bytes, size_t len) {
    room(t, len);
    if (len) memcpy(t->ptr + t->len, bytes, len);
    t->len += len;
    t->ptr[t->len] = '\0';
}

static inline void puts_to(text *t, const char *s) {
    put(t, s, strlen(s));
}

static inline void putf(text *t, const char *format, ...) LIKE_PRINTF(2, 3);
static inline void putf(text *t, const char *format, ...) {
    char line[1024];
    va_list args;
    int n;
    va_start(args, format);
    n = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    put(t, line, n < 0 ? 0 : (size_t)n < sizeof line ? (size_t)n : sizeof line - 1);
}

static inline void put_json(text *t, const char *s, size_t len) {
    size_t i;
    put(t, "\"", 1);
    for (i = 0; i < len; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c == '"' || c == '\\') putf(t, "\\%c", c);
        else if (c == '\n') put(t, "\\n", 2);
        else if (c < 0x20 || c == 0x7f) putf(t, "\\u%04x", c);
        else put(t, s + i, 1);
    }
    put(t, "\"", 1);
}

/* On one line, for lists and tables: every run of white space is a blank. `bar`: '|' is escaped as Markdown's tables want it. */
static inline void put_line(text *t, const char *s, size_t len, bool bar) {
    size_t i;
    for (i = 0; i < len; i++) {
        if (strchr(" \t\r\n", s[i]) && s[i]) {
            if (t->len && t->ptr[t->len - 1] != ' ') put(t, " ", 1);
        } else {
            if (bar && s[i] == '|') put(t, "\\", 1);
            put(t, s + i, 1);
        }
    }
}

static inline llmf_str str_of(const char *s) {
    llmf_str v;
    v.ptr = s;
    v.len = strlen(s);
    return v;
}

static inline bool is(llmf_str s, const char *word) {
    return s.len == strlen(word) && !memcmp(s.ptr, word, s.len);
}

/* The member of a JSON object as text of its own (free it); NULL: it has none, or it is no string. */
static inline char *json_text(llmf_str object, const char *name) {
    llmf_str v;
    char *out;
    size_t len;
    if (!llmf_json_get(object, name, &v) || (len = llmf_json_string(v, NULL, 0)) == LLMF_NOT_A_STRING) return NULL;
    out = (char *)grow(NULL, len + 1, 1);
    llmf_json_string(v, out, len + 1);
    return out;
}

static inline double json_number(llmf_str object, const char *name, double otherwise) {
    llmf_str v;
    double n;
    return llmf_json_get(object, name, &v) && llmf_json_number(v, &n) ? n : otherwise;
}

/* ---- SHA-256 (FIPS 180-4) ---- */

typedef struct sha256 { uint32_t h[8]; uint64_t len; unsigned char block[64]; } sha256;
typedef struct hash { char hex[65]; } hash;

static inline void sha256_block(sha256 *s) {
    static const uint32_t k[64] = {
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
        0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
        0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
        0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};
    uint32_t w[64], v[8];
    int i;
#define ROTATED(x, n) ((x) >> (n) | (x) << (32 - (n)))
    for (i = 0; i < 16; i++) w[i] = (uint32_t)s->block[i * 4] << 24 | (uint32_t)s->block[i * 4 + 1] << 16 | (uint32_t)s->block[i * 4 + 2] << 8 | s->block[i * 4 + 3];
    for (; i < 64; i++) w[i] = w[i - 16] + (ROTATED(w[i - 15], 7) ^ ROTATED(w[i - 15], 18) ^ w[i - 15] >> 3) + w[i - 7] + (ROTATED(w[i - 2], 17) ^ ROTATED(w[i - 2], 19) ^ w[i - 2] >> 10);
    memcpy(v, s->h, sizeof v);
    for (i = 0; i < 64; i++) {
        uint32_t a = v[7] + (ROTATED(v[4], 6) ^ ROTATED(v[4], 11) ^ ROTATED(v[4], 25)) + ((v[4] & v[5]) ^ (~v[4] & v[6])) + k[i] + w[i];
        uint32_t b = (ROTATED(v[0], 2) ^ ROTATED(v[0], 13) ^ ROTATED(v[0], 22)) + ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
        memmove(v + 1, v, 7 * sizeof *v);
        v[4] += a;
        v[0] = a + b;
    }
#undef ROTATED
    for (i = 0; i < 8; i++) s->h[i] += v[i];
}

static inline void sha256_start(sha256 *s) {
    static const uint32_t first[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    memcpy(s->h, first, sizeof first);
    s->len = 0;
}

static inline void sha256_add(sha256 *s, const void *bytes, size_t len) {
    const unsigned char *p = (const unsigned char *)bytes;
    while (len) {
        size_t at = (size_t)(s->len % 64), n = 64 - at < len ? 64 - at : len;
        memcpy(s->block + at, p, n);
        s->len += n;
        p += n;
        len -= n;
        if (s->len % 64 == 0) sha256_block(s);
    }
}

/* A string and the NUL behind it, so that "ab","c" and "a","bc" differ. NULL is "". */
static inline void sha256_word(sha256 *s, const char *word) {
    sha256_add(s, word ? word : "", strlen(word ? word : "") + 1);
}

static inline hash sha256_end(sha256 *s) {
    unsigned char size[8], zero[64] = {0x80};
    uint64_t bits = s->len * 8;
    hash h;
    int i;
    for (i = 0; i < 8; i++) size[i] = (unsigned char)(bits >> (56 - 8 * i));
    sha256_add(s, zero, (size_t)((119 - s->len % 64) % 64 + 1));
    sha256_add(s, size, 8);
    for (i = 0; i < 8; i++) snprintf(h.hex + i * 8, 9, "%08lx", (unsigned long)s->h[i]);
    return h;
}

/* ---- files ---- */

/* A whole file of text; NULL with a note of what is wrong. *len without the NUL behind it. */
static inline char *read_file(const char *path, size_t most, size_t *len) {
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char *p = NULL;
    ssize_t n = 1;
    *len = 0;
    if (fd < 0 || fstat(fd, &st) != 0) note("%s: %s", path, strerror(errno));
    else if (!S_ISREG(st.st_mode)) note("%s: is no file", path);
    else if ((uint64_t)st.st_size > most) note("%s: has %.1f MB, more than the %.0f MB that are read", path, (double)st.st_size / 1e6, (double)most / 1e6);
    else {
        p = (char *)grow(NULL, (size_t)st.st_size + 1, 1);
        while (*len < (size_t)st.st_size && (n = read(fd, p + *len, (size_t)st.st_size - *len)) > 0) *len += (size_t)n;
        if (n < 0) {
            note("%s: %s", path, strerror(errno));
            free(p);
            p = NULL;
        } else p[*len] = '\0';
    }
    if (fd >= 0) close(fd);
    return p;
}

static inline bool write_all(int fd, const char *p, size_t len) {
    while (len) {
        ssize_t n = write(fd, p, len);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        p += n;
        len -= (size_t)n;
    }
    return true;
}

/* The file is the old one or the new one, whenever the program or the machine ends: written beside it, and put in its place. */
static inline void replace_file(const char *path, const char *bytes, size_t len) {
    text beside = {0}, folder = {0};
    const char *slash = strrchr(path, '/');
    int fd;
    putf(&beside, "%s.new", path);
    put(&folder, path, slash ? (size_t)(slash - path) + 1 : 0);
    if (!slash) puts_to(&folder, ".");
    fd = open(beside.ptr, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0 || !write_all(fd, bytes, len) || fsync(fd) != 0 || close(fd) != 0 || rename(beside.ptr, path) != 0) die(EXIT_FAILED, "%s: cannot be written: %s", path, strerror(errno));
    fd = open(folder.ptr, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd); /* so that the new name lasts too */
        close(fd);
    }
    free(beside.ptr);
    free(folder.ptr);
}

/* ---- the journal ---- */

typedef struct journal {
    const char *path;
    int fd;
    llmf_str *lines;               /* views of `kept`, or copies: never given back before the end */
    size_t count, cap;
    size_t *slots, slot_count;     /* index + 1 of a line by the key's first digits; 0: free */
    char *kept;
} journal;

static inline size_t journal_slot(const journal *j, const char *key) {
    size_t at;
    char digits[13] = {0};
    memcpy(digits, key, 12);
    at = (size_t)(strtoull(digits, NULL, 16) % j->slot_count);
    for (; j->slots[at]; at = (at + 1) % j->slot_count)
        if (!memcmp(j->lines[j->slots[at] - 1].ptr + 8, key, 64)) break;
    return at;
}

/* {"key":"64 digits"…: the only form that is written, so the key stands at a known place. */
static inline bool journal_line_ok(llmf_str line) {
    size_t i;
    if (line.len < 74 || memcmp(line.ptr, "{\"key\":\"", 8) != 0 || line.ptr[72] != '"' || !llmf_json_valid(line, NULL)) return false;
    for (i = 8; i < 72; i++)
        if (!strchr("0123456789abcdef", line.ptr[i]) || !line.ptr[i]) return false;
    return true;
}

static inline void journal_hold(journal *j, llmf_str line) {
    size_t i;
    if (j->count == j->cap) {
        j->cap = j->cap ? j->cap * 2 : 64;
        j->lines = (llmf_str *)grow(j->lines, j->cap, sizeof *j->lines);
    }
    j->lines[j->count++] = line;
    if (j->count * 2 > j->slot_count) {
        j->slot_count = j->cap * 4;
        j->slots = (size_t *)grow(j->slots, j->slot_count, sizeof *j->slots);
        memset(j->slots, 0, j->slot_count * sizeof *j->slots);
        for (i = 0; i < j->count; i++) j->slots[journal_slot(j, j->lines[i].ptr + 8)] = i + 1;
    } else j->slots[journal_slot(j, line.ptr + 8)] = j->count; /* of two lines with one key the later counts */
}

/* Opens it, or begins a new one. One program at a time has it: another one ends, or (wait) waits. */
static inline void journal_open(journal *j, const char *path, bool wait) {
    size_t len, at = 0, line_no = 1;
    memset(j, 0, sizeof *j);
    j->path = path;
    j->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (j->fd < 0) die(EXIT_FAILED, "%s: the journal cannot be opened: %s", path, strerror(errno));
    if (flock(j->fd, wait ? LOCK_EX : LOCK_EX | LOCK_NB) != 0) die(EXIT_FAILED, "%s: another run has this journal: wait for its end, or name another one", path);
    j->kept = read_file(path, MAX_JOURNAL, &len);
    if (!j->kept) exit(EXIT_FAILED);
    while (at < len) {
        const char *end = (const char *)memchr(j->kept + at, '\n', len - at);
        llmf_str line;
        if (!end) break;
        line.ptr = j->kept + at;
        line.len = (size_t)(end - line.ptr);
        if (!journal_line_ok(line)) die(EXIT_USAGE, "%s:%lu: this is no line of a journal: remove it, or the file, or name another one", path, (unsigned long)line_no);
        journal_hold(j, line);
        at += line.len + 1;
        line_no++;
    }
    if (at < len && ftruncate(j->fd, (off_t)at) != 0) die(EXIT_FAILED, "%s: the cut line at its end cannot be removed: %s", path, strerror(errno));
    if (at < len) note("%s: the last line was cut off and is dropped", path);
}

/* The line of that key; false: that piece is still to do. */
static inline bool journal_find(const journal *j, const hash *key, llmf_str *line) {
    size_t at = j->slot_count ? j->slots[journal_slot(j, key->hex)] : 0;
    if (at) *line = j->lines[at - 1];
    return at != 0;
}

/* Adds a piece: `members` is `,"name":value…`. On the disk when this returns; *members is taken. */
static inline void journal_add(journal *j, const hash *key, text *members) {
    text line = {0};
    llmf_str kept;
    putf(&line, "{\"key\":\"%s\"", key->hex);
    put(&line, members->ptr, members->len);
    puts_to(&line, "}\n");
    if (!write_all(j->fd, line.ptr, line.len) || fsync(j->fd) != 0) die(EXIT_FAILED, "%s: cannot be written: %s", j->path, strerror(errno));
    kept.ptr = line.ptr;
    kept.len = line.len - 1;
    journal_hold(j, kept);
    free(members->ptr);
    memset(members, 0, sizeof *members);
}

static inline void journal_close(journal *j) {
    const char *from = j->kept, *to = j->kept ? j->kept + strlen(j->kept) : NULL;
    size_t i;
    for (i = 0; i < j->count; i++)
        if (j->lines[i].ptr < from || j->lines[i].ptr > to) free((char *)(uintptr_t)j->lines[i].ptr);
    free(j->lines);
    free(j->slots);
    free(j->kept);
    if (j->fd >= 0) close(j->fd);
    memset(j, 0, sizeof *j);
    j->fd = -1;
}

/* ---- money ---- */

typedef struct spent { int64_t pico; size_t calls, unknown; } spent;

static inline void spend(spent *s, int64_t pico) {
    s->calls++;
    if (pico < 0) s->unknown++;
    else s->pico += pico;
}

static inline void put_spent(text *t, const spent *s) {
    putf(t, "$%.6f", (double)s->pico / 1e12);
    if (s->unknown) putf(t, " and %lu of unknown price", (unsigned long)s->unknown);
}

/* "cost: $0.001 for 4 calls; reused: 3 that had cost $0.002" */
static inline void tell_spent(const spent *now, const spent *before) {
    text t = {0};
    put_spent(&t, now);
    putf(&t, " for %lu call%s", (unsigned long)now->calls, now->calls == 1 ? "" : "s");
    if (before->calls) {
        putf(&t, "; reused: %lu that had cost ", (unsigned long)before->calls);
        put_spent(&t, before);
    }
    fprintf(stderr, "cost: %s\n", t.ptr);
    free(t.ptr);
}

/* ---- options: a table of them ---- */

typedef struct option { const char *name, *arg, *help; const char **word; double *number, least, most; bool *flag; } option;

static inline void usage(FILE *to, const char *synopsis, const char *about, const option *o) {
    fprintf(to, "usage: %s\n%s\noptions:\n", synopsis, about);
    for (; o->name; o++) {
        char head[64];
        snprintf(head, sizeof head, "%s %s", o->name, o->arg ? o->arg : "");
        fprintf(to, "  %-20s %s\n", head, o->help);
    }
    fprintf(to, "  %-20s %s\n", "-h, --help", "this text");
}

static inline void take_option(const option *o, const char *value) {
    char *end;
    if (o->flag) *o->flag = true;
    else if (o->word) *o->word = value;
    else {
        *o->number = strtod(value, &end);
        if (end == value || *end || !(*o->number >= o->least && *o->number <= o->most)) die(EXIT_USAGE, "%s %s: a number from %g to %g is wanted", o->name, value, o->least, o->most);
    }
}

/* Takes the options out of argv; what is left over is argv[0 … result - 1]. "--" ends the options. */
static inline int read_options(int argc, char **argv, const option *options, const char *synopsis, const char *about) {
    int i, left = 0;
    bool ended = false;
    for (i = 1; i < argc; i++) {
        const option *o = options;
        if (ended || argv[i][0] != '-' || !argv[i][1]) {
            argv[left++] = argv[i];
            continue;
        }
        if (!strcmp(argv[i], "--")) {
            ended = true;
            continue;
        }
        if (!strcmp(argv[i], "-h") || !strcmp(argv[i], "--help")) {
            usage(stdout, synopsis, about, options);
            exit(EXIT_DONE);
        }
        while (o->name && strcmp(o->name, argv[i])) o++;
        if (!o->name) die(EXIT_USAGE, "%s: no such option; %s --help lists them", argv[i], program);
        if (!o->flag && i + 1 == argc) die(EXIT_USAGE, "%s wants %s behind it", o->name, o->arg);
        take_option(o, o->flag ? NULL : argv[++i]);
    }
    return left;
}

/* ---- the factory ---- */

static inline void tell_log(void *user, int level, int id, llmf_str line) {
    (void)user;
    (void)level;
    (void)id;
    note("%.*s", (int)line.len, line.ptr);
}

/* budget: US dollars; 0: none. at_once: calls. Ends the program where the config is wrong. */
static inline llmf_factory *open_factory(const char *config, double budget, int at_once) {
    llmf_desc desc = {0};
    llmf_error err;
    llmf_factory *f;
    desc.config = config;
    desc.budget_process_pico = (int64_t)(budget * 1e12);
    desc.max_calls = at_once * 5 + 1; /* embeddings may go out in several requests, each of which counts */
    desc.memory_size = (size_t)64 << 20;
    desc.log = tell_log;
    f = llmf_open(&desc, &err);
    if (!f) die(EXIT_USAGE, "%s", err.text);
    return f;
}

/* A name of the config: a route, which chooses for this request, or a model. *setting (may be NULL) gets what a key depends on: the route's name, or the
   provider and id of the model. */
static inline llmf_model find_model(llmf_factory *f, const char *name, const llmf_request *req, text *setting) {
    llmf_route_desc what = {0};
    llmf_model_info info;
    llmf_error err;
    llmf_model m;
    bool route = true;
    what.route = name;
    what.request = req;
    m = llmf_route(f, &what, NULL, &err);
    if (!m.id && err.code == LLMF_ERR_UNKNOWN_MODEL) {
        route = false;
        m = llmf_get(f, name, &err);
    }
    if (!m.id || llmf_describe(f, m, &info) != LLMF_OK) die(EXIT_USAGE, "%s: %s", name, err.text);
    if (setting && route) putf(setting, "route %s", name);
    else if (setting) putf(setting, "%.*s %.*s", (int)info.provider.len, info.provider.ptr, (int)info.model_id.len, info.model_id.ptr);
    return m;
}

/* ---- the pump: many calls, at_once of them under way ---- */

typedef struct work {
    llmf_factory *f;
    void *user;
    size_t count;
    int at_once;
    llmf_call (*start)(void *user, size_t i);                    /* {0}: there is nothing to ask for this one */
    bool (*done)(void *user, size_t i, const llmf_response *r);  /* false: no new ones; those under way are waited for */
} work;

static inline bool do_work(const work *w) {
    llmf_call calls[MAX_AT_ONCE];
    size_t index[MAX_AT_ONCE], next = 0;
    int under_way = 0, k;
    bool go = true;
    llmf_event ev;
    for (;;) {
        while (go && under_way < w->at_once && next < w->count) {
            llmf_call c = w->start(w->user, next++);
            if (!c.id) continue;
            index[under_way] = next - 1;
            calls[under_way++] = c;
        }
        if (!under_way) return go;
        llmf_poll(w->f, -1);
        while (llmf_next_any(w->f, &ev)) {
            llmf_call c = ev.call;
            if (!ev.response) continue;
            for (k = 0; k < under_way && calls[k].id != c.id; k++) continue;
            if (k == under_way) continue;
            if (!w->done(w->user, index[k], ev.response)) go = false;
            llmf_free(w->f, c);
            calls[k] = calls[--under_way];
            index[k] = index[under_way];
        }
    }
}

/* llmf_start that cannot be refused but for want of room, which ends the program. */
static inline llmf_call start_call(llmf_factory *f, llmf_model m, const llmf_request *req) {
    llmf_call c = llmf_start(f, m, req);
    llmf_error err;
    if (c.id) return c;
    llmf_last_error(f, &err);
    die(EXIT_FAILED, "%s", err.text);
}

#endif
