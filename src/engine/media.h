/* Images, audio and files of a message: read from disk where a path is given, and their media type found where none is. */
#ifndef LLMFI_ENGINE_MEDIA_H
#define LLMFI_ENGINE_MEDIA_H
#include "core.h"
#if LLMF_HAS_FILES
#include <stdio.h>
#endif

/* The largest file that a part may name, in bytes. */
#ifndef LLMF_MAX_MEDIA
#define LLMF_MAX_MEDIA 67108864
#endif

typedef struct llmfi_media_kind {
    const char *magic;
    uint8_t magic_len, at;                   /* where the magic bytes stand */
    const char *ending, *media_type;
} llmfi_media_kind;

/* IANA media types; magic numbers from the formats' own specifications. */
static const llmfi_media_kind llmfi_media_kinds[] = {
    {"\x89PNG\r\n\x1a\n", 8, 0, ".png", "image/png"}, {"\xff\xd8\xff", 3, 0, ".jpg", "image/jpeg"}, {"\xff\xd8\xff", 3, 0, ".jpeg", "image/jpeg"},
    {"GIF8", 4, 0, ".gif", "image/gif"},              {"WEBP", 4, 8, ".webp", "image/webp"},        {"WAVE", 4, 8, ".wav", "audio/wav"},
    {"ID3", 3, 0, ".mp3", "audio/mpeg"},              {"\xff\xfb", 2, 0, ".mp3", "audio/mpeg"},     {"fLaC", 4, 0, ".flac", "audio/flac"},
    {"OggS", 4, 0, ".ogg", "audio/ogg"},              {"ftyp", 4, 4, ".m4a", "audio/mp4"},          {"%PDF-", 5, 0, ".pdf", "application/pdf"},
    {"", 0, 0, ".txt", "text/plain"},                 {"", 0, 0, ".md", "text/markdown"},           {"", 0, 0, ".csv", "text/csv"},
    {"", 0, 0, ".json", "application/json"},          {"", 0, 0, ".html", "text/html"},
};

static const char *llmfi_media_type(llmf_str data, llmf_str name) {
    size_t i;
    for (i = 0; i < LLMFI_COUNT(llmfi_media_kinds); i++) {
        const llmfi_media_kind *k = &llmfi_media_kinds[i];
        if (k->magic_len && data.len >= (size_t)k->at + k->magic_len && memcmp(data.ptr + k->at, k->magic, k->magic_len) == 0) return k->media_type;
    }
    for (i = 0; i < LLMFI_COUNT(llmfi_media_kinds); i++) {
        llmf_str ending = llmfi_cstr(llmfi_media_kinds[i].ending);
        if (name.len >= ending.len && llmfi_eq_nocase(llmfi_from(name, name.len - ending.len), ending)) return llmfi_media_kinds[i].media_type;
    }
    return NULL;
}

static bool llmfi_media_refuse(llmf_error *err, int code, const char *path, const char *what) {
    llmfi_text t = llmfi_error_begin(err, code);
    LLMFI_SAY(&t, "messages.parts.path ");
    llmfi_say_c(&t, path);
    LLMFI_SAY(&t, ": ");
    llmfi_say_c(&t, what);
    return false;
}

#if LLMF_HAS_FILES
static bool llmfi_media_read(llmfi_arena *arena, llmf_part *p, llmf_error *err) {
    FILE *file = fopen(p->path, "rb");
    long size = -1;
    char *to;
    if (!file) return llmfi_media_refuse(err, LLMF_ERR_ARGUMENT, p->path, "cannot be opened");
    if (fseek(file, 0, SEEK_END) == 0) size = ftell(file);
    if (size < 0 || size > LLMF_MAX_MEDIA || fseek(file, 0, SEEK_SET) != 0) {
        fclose(file);
        return llmfi_media_refuse(err, LLMF_ERR_LIMIT, p->path, size < 0 ? "cannot be read" : "is larger than LLMF_MAX_MEDIA");
    }
    to = (char *)llmfi_arena_alloc(arena, (size_t)size + 1);
    if (to && fread(to, 1, (size_t)size, file) != (size_t)size) {
        fclose(file);
        return llmfi_media_refuse(err, LLMF_ERR_ARGUMENT, p->path, "cannot be read to its end");
    }
    fclose(file);
    if (!to) return llmfi_error_memory(err);
    p->data = to;
    p->data_len = (size_t)size;
    return true;
}
#else
static bool llmfi_media_read(llmfi_arena *arena, llmf_part *p, llmf_error *err) {
    (void)arena;
    return llmfi_media_refuse(err, LLMF_ERR_NOT_BUILT, p->path, "this build reads no files (LLMF_NO_FILES): give the bytes in data");
}
#endif

/* Name of a file without its folders. */
static const char *llmfi_media_name(const char *path) {
    const char *slash = llmfi_strrchr(path, '/'), *back = llmfi_strrchr(path, '\\');
    if (back && (!slash || back > slash)) slash = back;
    return slash ? slash + 1 : path;
}

/* Gives a part its bytes, its name and its media type. False with *err. */
LLMFI_UNUSED static bool llmfi_media_fill(llmfi_arena *arena, llmf_part *p, llmf_error *err) {
    const char *path = p->path;
    if (path && !llmfi_media_read(arena, p, err)) return false;
    if (path && !p->name) p->name = llmfi_arena_copy(arena, llmfi_cstr(llmfi_media_name(path))).ptr;
    p->path = NULL;
    if (arena->failed) return llmfi_error_memory(err);
    if (!p->data) return true;
    if (!p->media_type) p->media_type = llmfi_media_type(llmfi_str((const char *)p->data, p->data_len), llmfi_cstr(p->name));
    if (!p->media_type && p->type == LLMF_PART_FILE) p->media_type = "application/octet-stream";
    if (p->media_type) return true;
    llmfi_error_set(err, LLMF_ERR_ARGUMENT, "messages.parts.media_type: cannot be told from the bytes; set it, for example to image/png");
    return false;
}

#endif
