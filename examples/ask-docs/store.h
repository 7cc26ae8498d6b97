/* The index: one file, read by mmap. In the order of bytes of the machine that wrote it:
     head | a row for each file | a row for each chunk | names | vectors (chunks * dims floats of length 1, at a multiple of 64)
   All but the vectors is under a SHA-256, and every place is looked at before it is used: a file that is cut or changed is refused. */
#ifndef STORE_H
#define STORE_H
#include "docs.h"
#include <math.h>

#define STORE_MAGIC "LLMFDOCS"
enum { STORE_VERSION = 1, STORE_ORDER = 0x01020304, MAX_DIMS = 65536 };

typedef struct store_head {
    char magic[8];
    uint32_t version, order, dims, files, chunks, chunk_bytes, overlap, zero;
    uint64_t size, names_at, names_len, vectors_at;
    uint32_t root_len, setting_len; /* the names begin with the folder and the model of the vectors */
    char check[64];
} store_head;
typedef struct store_file { char hash[64]; uint64_t name_at; uint32_t name_len, zero; } store_file;   /* name_at: in the names */
typedef struct store_chunk { char key[64]; uint64_t at; uint32_t len, file, first_line, last_line; } store_chunk;

typedef struct store {
    const char *map;
    size_t size;
    const store_head *head;
    const store_file *files;
    const store_chunk *chunks;
    const char *names;
    const float *vectors;
    size_t *by_key;                /* chunks in the order of their keys: store_sort */
} store;

static inline hash store_check(const char *map, const store_head *head) {
    store_head h = *head;
    sha256 s;
    memset(h.check, 0, sizeof h.check);
    sha256_start(&s);
    sha256_add(&s, &h, sizeof h);
    sha256_add(&s, map + sizeof h, (size_t)h.vectors_at - sizeof h);
    return sha256_end(&s);
}

static inline const char *store_wrong(store *s) {
    const store_head *h = (const store_head *)(const void *)s->map;
    uint64_t rows;
    hash sum;
    size_t i;
    if (s->size < sizeof *h || memcmp(h->magic, STORE_MAGIC, 8) != 0) return "is no index of ask-docs";
    if (h->version != STORE_VERSION) return "is of another version of ask-docs";
    if (h->order != STORE_ORDER) return "was written on a machine with another order of bytes";
    rows = sizeof *h + (uint64_t)h->files * sizeof(store_file) + (uint64_t)h->chunks * sizeof(store_chunk);
    if (h->size != s->size || h->names_at != rows || h->names_len > s->size || rows + h->names_len > h->vectors_at || h->vectors_at % 64 || h->vectors_at > s->size || !h->dims || h->dims > MAX_DIMS ||
        (s->size - h->vectors_at) / h->dims / sizeof(float) != h->chunks || (uint64_t)h->root_len + h->setting_len > h->names_len)
        return "is cut off or damaged";
    sum = store_check(s->map, h);
    if (memcmp(sum.hex, h->check, 64) != 0) return "is damaged";
    s->head = h;
    s->files = (const store_file *)(const void *)(s->map + sizeof *h);
    s->chunks = (const store_chunk *)(const void *)(s->map + sizeof *h + h->files * sizeof(store_file));
    s->names = s->map + h->names_at;
    s->vectors = (const float *)(const void *)(s->map + h->vectors_at);
    for (i = 0; i < h->files; i++)
        if (s->files[i].name_at > h->names_len || s->files[i].name_len > h->names_len - s->files[i].name_at) return "is damaged";
    for (i = 0; i < h->chunks; i++)
        if (s->chunks[i].file >= h->files) return "is damaged";
    return NULL;
}

/* 1: open; 0: there is no such file; -1: it cannot be used, which has been said. */
static inline int store_open(store *s, const char *path) {
    struct stat st;
    const char *why = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    memset(s, 0, sizeof *s);
    if (fd < 0 && errno == ENOENT) return 0;
    if (fd < 0 || fstat(fd, &st) != 0) why = strerror(errno);
    else if (!S_ISREG(st.st_mode) || st.st_size == 0 || (uint64_t)st.st_size > SIZE_MAX) why = "is no index of ask-docs";
    else {
        void *map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        s->size = (size_t)st.st_size;
        s->map = map == MAP_FAILED ? NULL : (const char *)map;
        why = s->map ? store_wrong(s) : strerror(errno);
    }
    if (fd >= 0) close(fd);
    if (!why) return 1;
    note("%s: %s", path, why);
    if (s->map) munmap((void *)(uintptr_t)s->map, s->size);
    memset(s, 0, sizeof *s);
    return -1;
}

static inline void store_close(store *s) {
    if (s->map) munmap((void *)(uintptr_t)s->map, s->size);
    free(s->by_key);
    memset(s, 0, sizeof *s);
}

static inline llmf_str store_root(const store *s) {
    llmf_str v;
    v.ptr = s->names;
    v.len = s->head->root_len;
    return v;
}

static inline llmf_str store_setting(const store *s) {
    llmf_str v;
    v.ptr = s->names + s->head->root_len;
    v.len = s->head->setting_len;
    return v;
}

static inline llmf_str store_name(const store *s, size_t file) {
    llmf_str v;
    v.ptr = s->names + s->files[file].name_at;
    v.len = s->files[file].name_len;
    return v;
}

/* ---- vectors by key ---- */

static const store *sorting; /* qsort has no place for it */

static inline int store_order(const void *a, const void *b) {
    return memcmp(sorting->chunks[*(const size_t *)a].key, sorting->chunks[*(const size_t *)b].key, 64);
}

static inline void store_sort(store *s) {
    size_t i;
    s->by_key = (size_t *)grow(NULL, s->head->chunks, sizeof *s->by_key);
    for (i = 0; i < s->head->chunks; i++) s->by_key[i] = i;
    sorting = s;
    qsort(s->by_key, s->head->chunks, sizeof *s->by_key, store_order);
}

/* The vector of a chunk with that key; NULL. */
static inline const float *store_vector(const store *s, const hash *key) {
    size_t low = 0, high = s->by_key ? s->head->chunks : 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = memcmp(key->hex, s->chunks[s->by_key[middle]].key, 64);
        if (!order) return s->vectors + s->by_key[middle] * s->head->dims;
        if (order < 0) high = middle;
        else low = middle + 1;
    }
    return NULL;
}

/* ---- writing ---- */

static inline void put_normal(text *out, const float *v, size_t dims) {
    double sum = 0;
    size_t i;
    for (i = 0; i < dims; i++) sum += (double)v[i] * (double)v[i];
    for (i = 0; i < dims; i++) {
        float f = sum > 0 ? (float)((double)v[i] / sqrt(sum)) : 0;
        put(out, (const char *)&f, sizeof f);
    }
}

/* Puts a new index in the place of the old one. vectors: a pointer for each chunk. */
static inline void store_write(const char *path, const docs *d, const char *setting, size_t dims, const float *const *vectors, size_t chunk_bytes, size_t overlap) {
    static const char zeros[64] = {0};
    store_head head;
    text out = {0}, names = {0};
    size_t i;
    hash sum;
    memset(&head, 0, sizeof head);
    memcpy(head.magic, STORE_MAGIC, 8);
    head.version = STORE_VERSION;
    head.order = STORE_ORDER;
    head.dims = (uint32_t)dims;
    head.files = (uint32_t)d->count;
    head.chunks = (uint32_t)d->chunk_count;
    head.chunk_bytes = (uint32_t)chunk_bytes;
    head.overlap = (uint32_t)overlap;
    head.root_len = (uint32_t)strlen(d->root);
    head.setting_len = (uint32_t)strlen(setting);
    puts_to(&names, d->root);
    puts_to(&names, setting);
    put(&out, (const char *)&head, sizeof head);
    for (i = 0; i < d->count; i++) {
        store_file f;
        memset(&f, 0, sizeof f);
        memcpy(f.hash, d->files[i].hash.hex, 64);
        f.name_at = names.len;
        f.name_len = (uint32_t)strlen(d->files[i].path);
        puts_to(&names, d->files[i].path);
        put(&out, (const char *)&f, sizeof f);
    }
    for (i = 0; i < d->chunk_count; i++) {
        const chunk *c = &d->chunks[i];
        store_chunk row;
        memset(&row, 0, sizeof row);
        memcpy(row.key, c->key.hex, 64);
        row.at = c->at;
        row.len = (uint32_t)c->len;
        row.file = (uint32_t)c->doc;
        row.first_line = (uint32_t)c->first_line;
        row.last_line = (uint32_t)c->last_line;
        put(&out, (const char *)&row, sizeof row);
    }
    head.names_at = out.len;
    head.names_len = names.len;
    put(&out, names.ptr, names.len);
    put(&out, zeros, (64 - out.len % 64) % 64);
    head.vectors_at = out.len;
    for (i = 0; i < d->chunk_count; i++) put_normal(&out, vectors[i], dims);
    head.size = out.len;
    memcpy(out.ptr, &head, sizeof head);
    sum = store_check(out.ptr, &head);
    memcpy(out.ptr + offsetof(store_head, check), sum.hex, 64);
    replace_file(path, out.ptr, out.len);
    free(out.ptr);
    free(names.ptr);
}
#endif
