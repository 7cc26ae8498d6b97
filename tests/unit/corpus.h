/* Files of the corpora that stand beside the project: $LLMF_SHARED, or ../shared. A test that finds none is skipped. */
#ifndef TEST_CORPUS_H
#define TEST_CORPUS_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <dirent.h>
#include <cmocka.h>
#include "../../src/base/str.h"

/* The path of `name` under the shared folder, in a static buffer. */
LLMFI_UNUSED static const char *corpus_path(const char *name) {
    static char path[4096];
    const char *root = getenv("LLMF_SHARED");
    int n = snprintf(path, sizeof path, "%s/%s", root && *root ? root : "../shared", name);
    assert_true(n > 0 && (size_t)n < sizeof path);
    return path;
}

/* A whole file in an allocation of exactly its size (free it); ptr NULL when there is none. */
LLMFI_UNUSED static llmf_str corpus_read(const char *path) {
    FILE *f = fopen(path, "rb");
    long size;
    char *to;
    if (!f) return llmfi_str(NULL, 0);
    assert_int_equal(fseek(f, 0, SEEK_END), 0);
    size = ftell(f);
    assert_true(size >= 0);
    rewind(f);
    to = (char *)malloc(size ? (size_t)size : 1);
    assert_non_null(to);
    assert_int_equal(fread(to, 1, (size_t)size, f), size);
    fclose(f);
    return llmfi_str(to, (size_t)size);
}

/* Calls `each` for every file of the folder; returns how many there were. */
LLMFI_UNUSED static int corpus_each(const char *folder, void (*each)(const char *name, llmf_str text)) {
    char path[4096 + 300];
    const char *at = corpus_path(folder);
    DIR *dir = opendir(at);
    struct dirent *entry;
    int count = 0;
    if (!dir) return 0;
    while ((entry = readdir(dir)) != NULL) {
        llmf_str text;
        DIR *inner;
        if (entry->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "%s/%s", corpus_path(folder), entry->d_name);
        inner = opendir(path); /* a folder in it is left alone */
        if (inner) closedir(inner);
        if (inner) continue;
        text = corpus_read(path);
        if (!text.ptr) continue;
        each(entry->d_name, text);
        free((char *)(uintptr_t)text.ptr);
        count++;
    }
    closedir(dir);
    return count;
}

/* A small generator that is the same everywhere (xorshift64*). */
LLMFI_UNUSED static uint64_t corpus_random(uint64_t *state) {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(2685821657736338717);
}

#endif
