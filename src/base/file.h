/* A file that is written whole or not at all: what is there is the old one or the new one, whenever the program or the machine stops. */
#ifndef LLMFI_BASE_FILE_H
#define LLMFI_BASE_FILE_H
#include "str.h"
#include "text.h"
#include "windows.h"

#if LLMF_HAS_FILES && (LLMF_HAS_SAVE || LLMF_HAS_SOURCES || LLMF_HAS_FIT)
#include <stdio.h>
#if !defined(_WIN32)
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#endif

/* The longest path of such a file. */
enum { LLMFI_MAX_PATH = 1000 };

#if defined(_WIN32)

static bool llmfi_file_write(const char *path, const char *bytes, size_t len) {
    FILE *f = fopen(path, "wb");
    bool ok = f && fwrite(bytes, 1, len, f) == len && fflush(f) == 0;
    return (!f || fclose(f) == 0) && ok;
}

static bool llmfi_file_move(const char *from, const char *to) {
    return MoveFileExA(from, to, MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH) != 0;
}

#else

/* For its owner's eyes only, and on the disk before it has its name. */
static bool llmfi_file_write(const char *path, const char *bytes, size_t len) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR);
    bool ok = fd >= 0;
    while (ok && len) {
        ssize_t n = write(fd, bytes, len);
        ok = n > 0;
        if (!ok) break;
        bytes += n;
        len -= (size_t)n;
    }
    ok = ok && fsync(fd) == 0;
    return (fd < 0 || close(fd) == 0) && ok;
}

/* The name is the directory's: that must be on the disk too. One that cannot be opened or synced (some file systems) has had its chance. */
static bool llmfi_file_move(const char *from, const char *to) {
    char directory[LLMFI_MAX_PATH];
    size_t n = llmfi_strlen(to);
    int fd;
    if (rename(from, to) != 0) return false;
    while (n && to[n - 1] != '/') n--;
    memcpy(directory, n ? to : "./", n ? n : 2);
    directory[n ? n : 2] = '\0';
    fd = open(directory, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return true;
    (void)fsync(fd);
    close(fd);
    return true;
}

#endif

/* False with *err; the old file is as it was. The new one is written beside it, as PATH.new. */
static bool llmfi_file_replace(const char *path, const char *bytes, size_t len, llmf_error *err) {
    char fresh[LLMFI_MAX_PATH];
    size_t n = llmfi_strlen(path);
    int saved = LLMFI_ERRNO;
    bool ok;
    if (!n || n > sizeof fresh - 5) return llmfi_error_set(err, LLMF_ERR_ARGUMENT, "the path of the file is empty, or too long");
    memcpy(fresh, path, n);
    memcpy(fresh + n, ".new", 5);
    ok = llmfi_file_write(fresh, bytes, len) && llmfi_file_move(fresh, path);
    if (!ok) remove(fresh);
    LLMFI_SET_ERRNO(saved);
    return ok || llmfi_error_about(err, LLMF_ERR_CONFIG, "", llmfi_cstr(path), ": cannot be written; look at its directory's permissions, and at the room on the disk");
}

#endif
#endif
