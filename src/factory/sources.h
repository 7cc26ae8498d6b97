/* Where config comes from: files and directories. The C library's own buffers (fopen, opendir) are the only memory that is not the factory's. */
#ifndef LLMFI_FACTORY_SOURCES_H
#define LLMFI_FACTORY_SOURCES_H
#include "../base/mem.h"
#include "../base/windows.h"
#include "../options.h"
#include "report.h"
#if LLMF_HAS_FILES
#include <errno.h>
#include <stdio.h>
#if !defined(_WIN32)
#include <dirent.h>
#include <sys/stat.h>
#endif
#endif

enum {
    LLMFI_SOURCE_READ,
    LLMFI_SOURCE_NONE,                       /* cannot be read: reported */
    LLMFI_SOURCE_MEMORY,                     /* refused: not reported */
    LLMFI_SOURCE_NO_DIRECTORY                /* of llmfi_source_list: something else, or nothing */
};

#if LLMF_HAS_FILES

static int llmfi_source_failed(llmfi_report *report, llmf_str path, const char *what) {
    llmfi_report_at(report, path, 0, 0, what);
    return LLMFI_SOURCE_NONE;
}

/* Room for all of it at once where its size can be known, so that a file with keys does not leave copies behind as the buffer grows. */
static bool llmfi_source_room(FILE *f, size_t most, llmfi_buf *into) {
    long size = fseek(f, 0, SEEK_END) == 0 ? ftell(f) : -1;
    rewind(f);
    return size < 0 || size > (long)most || llmfi_buf_reserve(into, (size_t)size + 2);
}

static int llmfi_source_pour(FILE *f, llmf_str path, size_t most, llmfi_buf *into, llmfi_report *report) {
    if (!llmfi_source_room(f, most, into)) return LLMFI_SOURCE_MEMORY;
    for (;;) {
        size_t n;
        if (into->len == into->cap && !llmfi_buf_reserve(into, 1024)) return LLMFI_SOURCE_MEMORY;
        n = fread(into->ptr + into->len, 1, into->cap - into->len, f);
        into->len += n;
        if (into->len > most) return llmfi_source_failed(report, path, "is larger than LLMF_MAX_FILE; split it, or build with a larger limit");
        if (n) continue;
        if (!ferror(f)) return LLMFI_SOURCE_READ;
        return llmfi_source_failed(report, path, "cannot be read; is it a directory?");
    }
}

/* The whole of a file (`path` ends with NUL) of at most so many bytes into an empty buffer. */
LLMFI_UNUSED static int llmfi_source_read_most(llmf_str path, size_t most, llmfi_buf *into, llmfi_report *report) {
    int saved = errno, got;
    FILE *f = fopen(path.ptr, "rb");
    if (f) {
        got = llmfi_source_pour(f, path, most, into, report);
        fclose(f);
    } else {
        got = llmfi_source_failed(report, path, errno == EACCES ? "may not be read; look at its permissions" : "cannot be opened; is the path right?");
    }
    errno = saved;
    return got;
}

LLMFI_UNUSED static int llmfi_source_read(llmf_str path, llmfi_buf *into, llmfi_report *report) {
    return llmfi_source_read_most(path, LLMF_MAX_FILE, into, report);
}

#else

LLMFI_UNUSED static int llmfi_source_read(llmf_str path, llmfi_buf *into, llmfi_report *report) {
    (void)into;
    llmfi_report_at(report, path, 0, 0, "this build reads no files (LLMF_NO_FILES); give the text itself: llmf_desc.config_text, getenv_fn");
    return LLMFI_SOURCE_NONE;
}

#endif

/* May others than its owner read this file (`path` ends with NUL)? Where files have no such modes nobody is said to. */
LLMFI_UNUSED static bool llmfi_source_others_read(llmf_str path) {
#if LLMF_HAS_FILES && !defined(_WIN32)
    struct stat s;
    int saved = errno;
    bool others = stat(path.ptr, &s) == 0 && (s.st_mode & (S_IRGRP | S_IROTH)) != 0;
    errno = saved;
    return others;
#else
    (void)path;
    return false;
#endif
}

/* ---- directories ---- */

typedef struct llmfi_source_name {
    llmf_str path;
    struct llmfi_source_name *next;
} llmfi_source_name;

/* .yaml, .yml or .json, and not hidden. */
LLMFI_UNUSED static bool llmfi_source_wanted(llmf_str name) {
    if (name.len == 0 || name.ptr[0] == '.') return false;
    return llmfi_ends(name, LLMFI_LIT(".yaml")) || llmfi_ends(name, LLMFI_LIT(".yml")) || llmfi_ends(name, LLMFI_LIT(".json"));
}

/* What stands behind the last slash. */
LLMFI_UNUSED static llmf_str llmfi_last_of(llmf_str path) {
    size_t at = path.len;
    while (at > 0 && path.ptr[at - 1] != '/' && path.ptr[at - 1] != '\\') at--;
    return llmfi_from(path, at);
}

/* The file's name without its directory and its ending. */
LLMFI_UNUSED static llmf_str llmfi_source_stem(llmf_str path) {
    size_t at;
    path = llmfi_last_of(path);
    for (at = path.len; at > 1 && path.ptr[at - 1] != '.'; at--) {}
    if (at > 1) path.len = at - 1;
    return path;
}

#if LLMF_HAS_FILES

#if defined(_WIN32)
typedef struct llmfi_folder {
    HANDLE find;
    WIN32_FIND_DATAA entry;                  /* where it stands */
    bool more, failed;                       /* failed: not read to its end */
} llmfi_folder;

static bool llmfi_folder_open(llmfi_folder *f, llmf_str path) {
    char all[MAX_PATH + 3]; /* of folder\*, which finds at least "." */
    while (path.len > 1 && (path.ptr[path.len - 1] == '/' || path.ptr[path.len - 1] == '\\')) path.len--;
    if (path.len > MAX_PATH) return false;
    memcpy(all, path.ptr, path.len);
    memcpy(all + path.len, "\\*", 3);
    f->find = FindFirstFileA(all, &f->entry);
    f->more = f->failed = false;
    return f->find != INVALID_HANDLE_VALUE;
}

/* The next name, valid until the next is asked for; NULL: that was all, or it failed. */
static const char *llmfi_folder_next(llmfi_folder *f) {
    if (f->more && !FindNextFileA(f->find, &f->entry)) {
        f->failed = GetLastError() != ERROR_NO_MORE_FILES;
        return NULL;
    }
    f->more = true;
    return f->entry.cFileName;
}

static void llmfi_folder_close(llmfi_folder *f) {
    FindClose(f->find);
}
#else
typedef struct llmfi_folder {
    DIR *dir;
    bool failed;
} llmfi_folder;

static bool llmfi_folder_open(llmfi_folder *f, llmf_str path) {
    f->dir = opendir(path.ptr);
    f->failed = false;
    return f->dir != NULL;
}

static const char *llmfi_folder_next(llmfi_folder *f) {
    const struct dirent *entry;
    errno = 0;
    entry = readdir(f->dir);
    f->failed = !entry && errno;
    return entry ? entry->d_name : NULL;
}

static void llmfi_folder_close(llmfi_folder *f) {
    closedir(f->dir);
}
#endif

/* Merge sort in place: bins[i] holds a sorted run of 2^i. */
static llmfi_source_name *llmfi_source_merge(llmfi_source_name *a, llmfi_source_name *b) {
    llmfi_source_name *head = NULL, **tail = &head;
    while (a && b) {
        llmfi_source_name **first = llmfi_before(b->path, a->path) ? &b : &a;
        *tail = *first;
        *first = (*first)->next;
        tail = &(*tail)->next;
    }
    *tail = a ? a : b;
    return head;
}

static llmfi_source_name *llmfi_source_sort(llmfi_source_name *list) {
    llmfi_source_name *bins[32], *run, *sorted = NULL;
    size_t i;
    memset(bins, 0, sizeof bins);
    while ((run = list) != NULL) {
        list = list->next;
        run->next = NULL;
        for (i = 0; i + 1 < LLMFI_COUNT(bins) && bins[i]; i++) {
            run = llmfi_source_merge(bins[i], run);
            bins[i] = NULL;
        }
        bins[i] = run;
    }
    for (i = 0; i < LLMFI_COUNT(bins); i++) sorted = llmfi_source_merge(bins[i], sorted);
    return sorted;
}

/* "directory/name" into the arena, and before the list. */
static bool llmfi_source_keep(llmfi_arena *a, llmf_str directory, llmf_str name, llmfi_source_name **list) {
    llmfi_source_name *n = (llmfi_source_name *)llmfi_arena_alloc(a, sizeof *n);
    char *path = (char *)llmfi_arena_alloc(a, directory.len + name.len + 2);
    if (!n || !path) return false;
    while (directory.len > 1 && directory.ptr[directory.len - 1] == '/') directory.len--;
    memcpy(path, directory.ptr, directory.len);
    path[directory.len] = '/';
    memcpy(path + directory.len + 1, name.ptr, name.len);
    n->path = llmfi_str(path, directory.len + 1 + name.len);
    n->next = *list;
    *list = n;
    return true;
}

/* The config files of a directory (`path` ends with NUL), by name. */
LLMFI_UNUSED static int llmfi_source_list(llmf_str path, llmfi_arena *a, llmfi_source_name **list, llmfi_report *report) {
    int saved = errno, got = LLMFI_SOURCE_READ;
    size_t count = 0;
    const char *entry;
    llmfi_folder folder;
    *list = NULL;
    if (!llmfi_folder_open(&folder, path)) {
        errno = saved;
        return LLMFI_SOURCE_NO_DIRECTORY;
    }
    while (got == LLMFI_SOURCE_READ && (entry = llmfi_folder_next(&folder)) != NULL) {
        llmf_str name = llmfi_cstr(entry);
        if (!llmfi_source_wanted(name)) continue;
        if (++count > LLMF_MAX_FILES) got = llmfi_source_failed(report, path, "has more files than LLMF_MAX_FILES; build with a larger limit");
        else if (!llmfi_source_keep(a, path, name, list)) got = LLMFI_SOURCE_MEMORY;
    }
    if (folder.failed) got = llmfi_source_failed(report, path, "cannot be read to its end");
    llmfi_folder_close(&folder);
    *list = llmfi_source_sort(*list);
    errno = saved;
    return got;
}

/* ---- whether files have changed ---- */

static uint64_t llmfi_stamp_add(uint64_t stamp, uint64_t value) {
    stamp = (stamp ^ value) * UINT64_C(0x9E3779B97F4A7C15);
    return stamp ^ stamp >> 29;
}

/* Mixes a file's name, size and time of change into the stamp; one that is not there changes it too. */
static uint64_t llmfi_stamp_file(uint64_t stamp, llmf_str path) {
    size_t i;
#if defined(_WIN32)
    WIN32_FILE_ATTRIBUTE_DATA info;
    bool there = GetFileAttributesExA(path.ptr, GetFileExInfoStandard, &info) != 0;
    uint64_t when = there ? (uint64_t)info.ftLastWriteTime.dwHighDateTime << 32 | info.ftLastWriteTime.dwLowDateTime : 0, size = there ? info.nFileSizeLow : 0;
#else
    struct stat info;
    bool there = stat(path.ptr, &info) == 0;
    uint64_t when = there ? (uint64_t)info.st_mtime : 0, size = there ? (uint64_t)info.st_size : 0;
#if defined(__linux__) && defined(st_mtime) /* where that is a part of st_mtim */
    if (there) when = when * 1000000000u + (uint64_t)info.st_mtim.tv_nsec;
    if (there) size ^= (uint64_t)info.st_ino << 32; /* replaced by another of the same size and second */
#endif
#endif
    for (i = 0; i < path.len; i++) stamp = llmfi_stamp_add(stamp, (unsigned char)path.ptr[i]);
    return llmfi_stamp_add(llmfi_stamp_add(llmfi_stamp_add(stamp, there), when), size);
}

/* The same of a file, or of each config file of a directory (`path` ends with NUL). */
LLMFI_UNUSED static uint64_t llmfi_source_stamp(uint64_t stamp, llmf_str path, llmfi_heap *heap) {
    llmfi_report report = llmfi_report_to(NULL, NULL);
    llmfi_source_name *names = NULL;
    llmfi_arena arena;
    int saved = errno;
    llmfi_arena_init(&arena, heap, 0);
    if (llmfi_source_list(path, &arena, &names, &report) == LLMFI_SOURCE_NO_DIRECTORY) stamp = llmfi_stamp_file(stamp, path);
    for (; names; names = names->next) stamp = llmfi_stamp_file(stamp, names->path);
    llmfi_arena_free(&arena);
    errno = saved;
    return stamp;
}

#else

LLMFI_UNUSED static int llmfi_source_list(llmf_str path, llmfi_arena *a, llmfi_source_name **list, llmfi_report *report) {
    (void)path, (void)a, (void)report;
    *list = NULL;
    return LLMFI_SOURCE_NO_DIRECTORY;
}

LLMFI_UNUSED static uint64_t llmfi_source_stamp(uint64_t stamp, llmf_str path, llmfi_heap *heap) {
    (void)path, (void)heap;
    return stamp;
}

#endif
#endif
