/* Shared objects that are loaded from exactly the bytes that were looked at: from a file that nobody but its owner and root can change, or given in pieces. What was hashed is what
   is loaded: the bytes go into a file in memory (Linux), else into a directory that is ours alone, and the system's loader opens that. So a file that is exchanged in
   between changes nothing. */
#ifndef LLMFI_BASE_SHARED_OBJECT_H
#define LLMFI_BASE_SHARED_OBJECT_H
#include "hash.h"
#include "text.h"

#if LLMF_HAS_PLUGINS

/* Bytes of one plugin. */
#ifndef LLMF_MAX_PLUGIN
#define LLMF_MAX_PLUGIN (16u << 20)
#endif

#if !defined(_WIN32)
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/syscall.h>
#endif

typedef struct llmfi_so {
    llmfi_sha256 hash;
    uint64_t size;                           /* bytes so far */
    int fd;                                  /* of the bytes; -1. It stays open while they are loaded, so that no other file has its number, which is its name for the loader */
    char folder[32];                         /* of the file of our own; empty: it is one in memory */
    void *handle;                            /* NULL: not loaded */
} llmfi_so;

/* ---- a file that nobody else can change ---- */

enum { LLMFI_SO_LINKS = 16, LLMFI_SO_PATH = 4096 };

/* Opens a directory to look at it and go on from it, even where it may not be listed. */
#if defined(O_PATH)
#define LLMFI_SO_LOOK O_PATH
#elif defined(__linux__) && !defined(__alpha__) && !defined(__hppa__) && !defined(__sparc__)
#define LLMFI_SO_LOOK 010000000 /* O_PATH, which glibc hides from all but _GNU_SOURCE */
#elif defined(O_SEARCH)
#define LLMFI_SO_LOOK O_SEARCH
#else
#define LLMFI_SO_LOOK O_RDONLY
#endif

static bool llmfi_so_refuse(llmf_error *err, int code, llmf_str path, const char *what) {
    llmfi_text t = llmfi_error_begin(err, code);
    if (path.len > 120) {
        llmfi_say_c(&t, "...");
        path = llmfi_from(path, path.len - 120);
        while (path.len && ((unsigned char)path.ptr[0] & 0xC0) == 0x80) path = llmfi_from(path, 1);
    }
    llmfi_say(&t, path);
    llmfi_say_c(&t, what);
    return false;
}

/* The owner could change his own anyway: he must be root, or who runs this. */
static bool llmfi_so_owner_ok(const struct stat *st) {
    return st->st_uid == 0 || st->st_uid == geteuid();
}

static bool llmfi_so_folder_ok(int fd, llmf_str path, llmf_error *err) {
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) return llmfi_so_refuse(err, LLMF_ERR_CONFIG, path, ": a directory on the way to it cannot be opened; is the path right?");
    if (st.st_mode & S_IWOTH) return llmfi_so_refuse(err, LLMF_ERR_CONFIG, path, ": anybody may write to a directory on the way to it (world-writable, as /tmp is); put it elsewhere");
    return llmfi_so_owner_ok(&st) ||
           llmfi_so_refuse(err, LLMF_ERR_CONFIG, path, ": a directory on the way to it belongs neither to root nor to the user who runs this; put it elsewhere");
}

static bool llmfi_so_file_ok(int fd, llmf_str path, llmf_error *err) {
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0)
        return llmfi_so_refuse(err, LLMF_ERR_CONFIG, path, errno == EACCES ? ": may not be read; look at its permissions" : ": cannot be opened; is the path right?");
    if (!S_ISREG(st.st_mode)) return llmfi_so_refuse(err, LLMF_ERR_CONFIG, path, ": is no file");
    if (!llmfi_so_owner_ok(&st)) return llmfi_so_refuse(err, LLMF_ERR_CONFIG, path, ": belongs neither to root nor to the user who runs this; chown it");
    if (st.st_mode & (S_IWGRP | S_IWOTH)) return llmfi_so_refuse(err, LLMF_ERR_CONFIG, path, ": others than its owner may write to it; chmod go-w");
    return true;
}

/* A path as it is walked: what is left of it stands at the end of `text`, where links are put before it. */
typedef struct llmfi_so_walk {
    char text[LLMFI_SO_PATH + 1];
    size_t at;                               /* of what is left; LLMFI_SO_PATH: nothing */
    int folder;                              /* where that begins; -1: it could not be opened */
    int links;
} llmfi_so_walk;

static bool llmfi_so_put_before(llmfi_so_walk *w, const char *text, size_t len) {
    if (len + 1 > w->at) return false;
    w->text[--w->at] = '/';
    w->at -= len;
    memcpy(w->text + w->at, text, len);
    return true;
}

static void llmfi_so_go(llmfi_so_walk *w, const char *name) {
    int next = openat(w->folder, name, LLMFI_SO_LOOK | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (w->folder >= 0) close(w->folder);
    w->folder = next;
}

/* The next name of the path into `name`; false: it is at its end, or no file has such a long one. */
static bool llmfi_so_next(llmfi_so_walk *w, char *name, size_t cap) {
    size_t n = 0;
    while (w->at < LLMFI_SO_PATH && w->text[w->at] == '/') w->at++;
    while (w->at < LLMFI_SO_PATH && w->text[w->at] != '/') {
        if (n == cap - 1) return false;
        name[n++] = w->text[w->at++];
    }
    name[n] = '\0';
    while (w->at < LLMFI_SO_PATH && w->text[w->at] == '/') w->at++;
    return n > 0;
}

/* A name that is a link is put before what is left. 1: it was; 0: it is none; -1: too many, or too long. */
static int llmfi_so_link(llmfi_so_walk *w, const char *name) {
    char to[1024];
    ssize_t n = readlinkat(w->folder, name, to, sizeof to);
    if (n < 0) return 0;
    if (n == (ssize_t)sizeof to || ++w->links > LLMFI_SO_LINKS || !llmfi_so_put_before(w, to, (size_t)n)) return -1;
    if (n && to[0] == '/') llmfi_so_go(w, "/");
    return 1;
}

/* Goes from the root to the file, name by name, so that each directory that has a say in what the path means is looked at: those of links too. The descriptor, or -1 with *err. */
static int llmfi_so_walk_to(llmfi_so_walk *w, llmf_str path, llmf_error *err) {
    char name[256];
    int link, fd;
    w->folder = openat(AT_FDCWD, "/", LLMFI_SO_LOOK | O_DIRECTORY | O_CLOEXEC);
    for (;;) {
        if (!llmfi_so_folder_ok(w->folder, path, err)) return -1;
        if (!llmfi_so_next(w, name, sizeof name)) {
            llmfi_so_refuse(err, LLMF_ERR_CONFIG, path, ": is no file");
            return -1;
        }
        link = llmfi_so_link(w, name);
        if (link < 0) {
            llmfi_so_refuse(err, LLMF_ERR_CONFIG, path, ": has too many links on the way, or names that are too long");
            return -1;
        }
        if (link == 0 && w->at == LLMFI_SO_PATH) break;
        if (link == 0) llmfi_so_go(w, name);
    }
    fd = openat(w->folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (llmfi_so_file_ok(fd, path, err)) return fd;
    if (fd >= 0) close(fd);
    return -1;
}

/* The file of a path (NUL behind it) that nobody else can change; -1 with *err. */
static int llmfi_so_open_file(llmf_str path, llmf_error *err) {
    llmfi_so_walk w;
    char here[1024];
    int fd = -1;
    bool fits;
    memset(&w, 0, sizeof w);
    w.at = LLMFI_SO_PATH;
    w.folder = -1;
    fits = path.len && path.len < LLMFI_SO_PATH;
    if (fits) {
        w.at -= path.len; /* no / behind it: the last name must be a file's */
        memcpy(w.text + w.at, path.ptr, path.len);
    }
    if (fits && path.ptr[0] != '/') fits = getcwd(here, sizeof here) && llmfi_so_put_before(&w, here, llmfi_strlen(here));
    if (fits) fd = llmfi_so_walk_to(&w, path, err);
    else llmfi_so_refuse(err, LLMF_ERR_CONFIG, path, ": the path is empty, or too long");
    if (w.folder >= 0) close(w.folder);
    return fd;
}

/* ---- the bytes ---- */

/* A file in memory, executable where the kernel asks for that to be said. -1: there is no such thing. */
static int llmfi_so_memory(void) {
    int fd = -1;
#if defined(__linux__) && defined(SYS_memfd_create)
    enum { CLOEXEC = 1, SEALING = 2, EXEC = 16 };
    char path[32];
    fd = (int)syscall(SYS_memfd_create, "llmf_plugin", (unsigned)(CLOEXEC | SEALING | EXEC));
    if (fd < 0) fd = (int)syscall(SYS_memfd_create, "llmf_plugin", (unsigned)(CLOEXEC | SEALING));
    if (fd < 0) return -1;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (access(path, R_OK) == 0) return fd;
    close(fd); /* no /proc: it has no name */
    fd = -1;
#endif
    return fd;
}

static void llmfi_so_own_path(const llmfi_so *s, char *to, size_t cap) {
    if (s->folder[0]) snprintf(to, cap, "%s/plugin.so", s->folder);
    else snprintf(to, cap, "/proc/self/fd/%d", s->fd);
}

static void llmfi_so_unlink(llmfi_so *s) {
    char path[64];
    if (!s->folder[0]) return;
    llmfi_so_own_path(s, path, sizeof path);
    unlink(path);
    rmdir(s->folder);
    s->folder[0] = '\0';
}

static void llmfi_so_close(llmfi_so *s) {
    if (s->handle) dlclose(s->handle);
    if (s->fd >= 0) close(s->fd);
    llmfi_so_unlink(s);
    s->handle = NULL;
    s->fd = -1;
}

/* Nothing is there: closing it is nothing too. */
LLMFI_UNUSED static void llmfi_so_none(llmfi_so *s) {
    memset(s, 0, sizeof *s);
    s->fd = -1;
}

/* Begins one: llmfi_so_add its bytes, or llmfi_so_add_file, then llmfi_so_load; llmfi_so_close in any case. */
static bool llmfi_so_begin(llmfi_so *s, llmf_error *err) {
    char path[64];
    memset(s, 0, sizeof *s);
    llmfi_sha256_init(&s->hash);
    s->fd = llmfi_so_memory();
    if (s->fd >= 0) return true;
    memcpy(s->folder, "/tmp/llmf-XXXXXX", 17);
    if (!mkdtemp(s->folder)) {
        s->folder[0] = '\0';
        return llmfi_so_refuse(err, LLMF_ERR_CONFIG, LLMFI_LIT("/tmp"), ": there is no memfd_create here, and no directory can be made there to load it from");
    }
    llmfi_so_own_path(s, path, sizeof path);
    s->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IXUSR);
    return s->fd >= 0 || llmfi_so_refuse(err, LLMF_ERR_CONFIG, llmfi_cstr(path), ": cannot be written");
}

static bool llmfi_so_add(llmfi_so *s, const void *bytes, size_t len, llmf_error *err) {
    const char *at = (const char *)bytes;
    if (len > LLMF_MAX_PLUGIN - s->size) return llmfi_error_set(err, LLMF_ERR_LIMIT, "it is larger than LLMF_MAX_PLUGIN; build with a larger limit");
    s->size += len;
    llmfi_sha256_add(&s->hash, bytes, len);
    while (len) {
        ssize_t n = write(s->fd, at, len);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return llmfi_error_set(err, LLMF_ERR_MEMORY, "there is no room for a copy of it; look at the system's memory, or at /tmp");
        at += n;
        len -= (size_t)n;
    }
    return true;
}

static bool llmfi_so_add_file(llmfi_so *s, llmf_str path, llmf_error *err) {
    char piece[4096];
    ssize_t n = 1;
    int fd = llmfi_so_open_file(path, err);
    bool ok = fd >= 0;
    while (ok && n) {
        n = read(fd, piece, sizeof piece);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) ok = llmfi_so_refuse(err, LLMF_ERR_CONFIG, path, ": cannot be read");
        if (n > 0) ok = llmfi_so_add(s, piece, (size_t)n, err);
    }
    if (fd >= 0) close(fd);
    return ok;
}

/* ---- loading ---- */

static bool llmfi_so_digest_ok(llmfi_so *s, const unsigned char wanted[LLMFI_SHA256], llmf_error *err) {
    unsigned char digest[LLMFI_SHA256];
    char digits[2 * LLMFI_SHA256];
    llmfi_text t;
    llmfi_sha256_end(&s->hash, digest);
    if (memcmp(digest, wanted, sizeof digest) == 0) return true;
    llmfi_hex_lower(digits, digest, sizeof digest);
    t = llmfi_error_begin(err, LLMF_ERR_CONFIG);
    LLMFI_SAY(&t, "its sha256 is ");
    llmfi_say(&t, llmfi_str(digits, sizeof digits));
    LLMFI_SAY(&t, ", which is not what the config says; it is not loaded. If it is the file that you mean, write that there");
    return false;
}

#if defined(__ELF__) || defined(__linux__)
/* The number of `size` bytes in this machine's order. */
static uint64_t llmfi_so_number(const unsigned char *at, size_t size) {
    uint16_t two;
    uint32_t four;
    uint64_t eight;
    if (size == 8) return memcpy(&eight, at, 8), eight;
    if (size == 4) return memcpy(&four, at, 4), four;
    return memcpy(&two, at, 2), two;
}

/* A loader maps what the headers say and dies of a file that is shorter: each segment must be there. All else is the loader's to refuse. */
static bool llmfi_so_whole(const llmfi_so *s) {
    enum { WIDE = sizeof(void *) == 8, WORD = WIDE ? 8 : 4, HEAD = WIDE ? 64 : 52, ROW = WIDE ? 56 : 32, LOADED = 1, DYNAMIC = 2 };
    unsigned char head[HEAD], row[ROW];
    uint64_t at, count, from, len;
    bool dynamic = false;
    if (pread(s->fd, head, HEAD, 0) != HEAD || memcmp(head, "\177ELF", 4) != 0 || head[4] != (WIDE ? 2 : 1)) return false;
    at = llmfi_so_number(head + (WIDE ? 32 : 28), WORD);
    count = llmfi_so_number(head + (WIDE ? 56 : 44), 2);
    if (llmfi_so_number(head + (WIDE ? 54 : 42), 2) != ROW || at > s->size || count > (s->size - at) / ROW) return false;
    for (; count; count--, at += ROW) {
        uint64_t type;
        if (pread(s->fd, row, ROW, (off_t)at) != ROW) return false;
        type = llmfi_so_number(row, 4);
        if (type != LOADED && type != DYNAMIC) continue;
        from = llmfi_so_number(row + (WIDE ? 8 : 4), WORD);
        len = llmfi_so_number(row + (WIDE ? 32 : 16), WORD);
        if (from > s->size || len > s->size - from) return false;
        if (type == DYNAMIC) dynamic = true;
    }
    return dynamic;
}
#endif

#if defined(RTLD_NOLOAD)
/* A loader takes a name that it knows for what it knows by it: one that could not be unloaded may still have the number that is ours now. */
static bool llmfi_so_rename(llmfi_so *s, char *path, size_t cap) {
    int tries, fd;
    void *known;
    for (tries = 0; tries < 16; tries++) {
        llmfi_so_own_path(s, path, cap);
        known = dlopen(path, RTLD_LAZY | RTLD_NOLOAD);
        if (!known) return true;
        dlclose(known);
        if (s->folder[0]) return false;
        fd = fcntl(s->fd, F_DUPFD_CLOEXEC, s->fd + 1);
        if (fd < 0) return false;
        close(s->fd);
        s->fd = fd;
    }
    return false;
}
#else
static bool llmfi_so_rename(llmfi_so *s, char *path, size_t cap) {
    llmfi_so_own_path(s, path, cap);
    return true;
}
#endif

/* Nobody may write to it any more: F_SEAL_SEAL, SHRINK, GROW and WRITE, by F_ADD_SEALS. */
static bool llmfi_so_seal(const llmfi_so *s) {
#if defined(__linux__)
    if (!s->folder[0]) return fcntl(s->fd, 1024 + 9, 1 | 2 | 4 | 8) == 0;
#endif
    (void)s;
    return true;
}

/* Loads the bytes if they are those of the digest. */
static bool llmfi_so_load(llmfi_so *s, const unsigned char wanted[LLMFI_SHA256], llmf_error *err) {
    char path[64];
    const char *why;
    llmfi_text t;
    if (!llmfi_so_digest_ok(s, wanted, err)) return false;
#if defined(__ELF__) || defined(__linux__)
    if (!llmfi_so_whole(s)) return llmfi_error_set(err, LLMF_ERR_CONFIG, "it is no shared object of this machine, or not the whole of one");
#endif
    if (!llmfi_so_seal(s) || !llmfi_so_rename(s, path, sizeof path)) return llmfi_error_set(err, LLMF_ERR_CONFIG, "no copy of it can be made that nobody can change");
    s->handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    why = s->handle ? NULL : dlerror();
    llmfi_so_unlink(s);
    if (s->handle) return true;
    t = llmfi_error_begin(err, LLMF_ERR_CONFIG);
    LLMFI_SAY(&t, "the system does not load it: ");
    llmfi_say_c(&t, why ? why : "no reason is given");
    return false;
}

/* The object of that name, or NULL. */
static const void *llmfi_so_symbol(const llmfi_so *s, const char *name) {
    return dlsym(s->handle, name);
}

#else

typedef struct llmfi_so {
    int fd;
} llmfi_so;

LLMFI_UNUSED static void llmfi_so_none(llmfi_so *s) {
    memset(s, 0, sizeof *s);
}

static bool llmfi_so_begin(llmfi_so *s, llmf_error *err) {
    s->fd = -1;
    return llmfi_error_set(err, LLMF_ERR_NOT_BUILT, "plugins are for POSIX systems: this one is not; register what it has with llmf_register_dialect and llmf_register");
}

static bool llmfi_so_add(llmfi_so *s, const void *bytes, size_t len, llmf_error *err) {
    (void)s, (void)bytes, (void)len, (void)err;
    return false;
}

static bool llmfi_so_add_file(llmfi_so *s, llmf_str path, llmf_error *err) {
    (void)s, (void)path, (void)err;
    return false;
}

static bool llmfi_so_load(llmfi_so *s, const unsigned char wanted[LLMFI_SHA256], llmf_error *err) {
    (void)s, (void)wanted, (void)err;
    return false;
}

static const void *llmfi_so_symbol(const llmfi_so *s, const char *name) {
    (void)s, (void)name;
    return NULL;
}

static void llmfi_so_close(llmfi_so *s) {
    (void)s;
}

#endif
#endif
#endif
