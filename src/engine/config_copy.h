/* The last good copy of config that came from a network, in the file llmf_desc.config_copy: so that a program starts where its source cannot be reached.

   The file: "LLMFCOPY 1\n"; of each document a line with the lengths of its source's URI, name, etag and text and when it was fetched (milliseconds since 1970), in
   decimal with blanks between, then these four; at the end the SHA-256 of all before it, in 32 bytes. It may be read by its owner alone, as config may hold keys. */
#ifndef LLMFI_ENGINE_CONFIG_COPY_H
#define LLMFI_ENGINE_CONFIG_COPY_H
#include "../base/file.h"
#include "../base/hash.h"
#include "../factory/documents.h"
#include "../factory/sources.h"
#include "core.h"

#if LLMF_HAS_SOURCES

#if LLMF_HAS_FILES

#define LLMFI_COPY_HEAD "LLMFCOPY 1\n"
enum { LLMFI_COPY_MOST = 64 << 20 };         /* bytes of such a file */

static bool llmfi_copy_add(llmfi_buf *to, llmf_str text) {
    return llmfi_buf_add(to, text.ptr, text.len);
}

static bool llmfi_copy_put(llmfi_buf *to, const llmf_desc *desc, const llmfi_document *d) {
    llmf_str uri = llmfi_cstr(llmfi_source_at(desc, d->source));
    int64_t numbers[5];
    char line[120];
    llmfi_text t = llmfi_text_in(line, sizeof line);
    int i;
    numbers[0] = (int64_t)uri.len, numbers[1] = (int64_t)d->name.len, numbers[2] = (int64_t)d->etag.len, numbers[3] = (int64_t)d->text.len, numbers[4] = d->fetched_ms;
    for (i = 0; i < 5; i++) {
        llmfi_say_int(&t, numbers[i]);
        llmfi_say_c(&t, i < 4 ? " " : "\n");
    }
    return llmfi_copy_add(to, llmfi_str(line, t.len)) && llmfi_copy_add(to, uri) && llmfi_copy_add(to, d->name) && llmfi_copy_add(to, d->etag) && llmfi_copy_add(to, d->text);
}

/* Writes all documents; the file that was there stays where that fails. False with *err. */
static bool llmfi_copy_write(llmf_factory *f, llmf_error *err) {
    unsigned char digest[LLMFI_SHA256];
    const llmfi_document *d;
    llmfi_buf to;
    bool ok;
    llmfi_buf_init(&to, &f->heap, LLMFI_COPY_MOST);
    ok = llmfi_copy_add(&to, LLMFI_LIT(LLMFI_COPY_HEAD));
    for (d = f->documents; d && ok; d = d->next) ok = llmfi_copy_put(&to, &f->desc, d);
    if (ok) {
        llmfi_sha256_of(llmfi_buf_str(&to), digest);
        ok = llmfi_buf_add(&to, (const char *)digest, sizeof digest);
    }
    if (!ok) llmfi_error_memory(err);
    else ok = llmfi_file_replace(f->desc.config_copy, to.ptr, to.len, err);
    if (to.ptr) llmfi_wipe(llmfi_str(to.ptr, to.cap));
    llmfi_buf_free(&to);
    return ok;
}

/* The next number of a line, and the byte behind it; -1: there is none. */
static int64_t llmfi_copy_number(llmf_str *in, char end) {
    int64_t value = 0;
    size_t n;
    for (n = 0; n < in->len && n < 18 && llmfi_is_digit(in->ptr[n]); n++) value = value * 10 + (in->ptr[n] - '0');
    if (!n || n >= in->len || in->ptr[n] != end || value > INT64_MAX / 2) return -1;
    *in = llmfi_from(*in, n + 1);
    return value;
}

static bool llmfi_copy_take(llmf_str *in, int64_t len, llmf_str *text) {
    if (len < 0 || (uint64_t)len > in->len) return false;
    *text = llmfi_str(in->ptr, (size_t)len);
    *in = llmfi_from(*in, (size_t)len);
    return true;
}

/* The next document of the copy: its source's URI and the rest in *d, whose texts are the copy's. False: that was the last, or the copy is damaged. */
static bool llmfi_copy_next(llmf_str *in, llmf_str *uri, llmfi_document *d) {
    int64_t numbers[5];
    int i;
    memset(d, 0, sizeof *d);
    for (i = 0; i < 5; i++)
        if ((numbers[i] = llmfi_copy_number(in, i < 4 ? ' ' : '\n')) < 0) return false;
    d->fetched_ms = numbers[4];
    return llmfi_copy_take(in, numbers[0], uri) && llmfi_copy_take(in, numbers[1], &d->name) && llmfi_copy_take(in, numbers[2], &d->etag) && llmfi_copy_take(in, numbers[3], &d->text);
}

/* What stands between the head and the digest; false: there is no such file, or it is damaged. */
static bool llmfi_copy_whole(llmf_str file, llmf_str *in) {
    unsigned char digest[LLMFI_SHA256];
    llmf_str head = LLMFI_LIT(LLMFI_COPY_HEAD);
    if (file.len < head.len + LLMFI_SHA256 || !llmfi_starts(file, head)) return false;
    file.len -= LLMFI_SHA256;
    llmfi_sha256_of(file, digest);
    *in = llmfi_from(file, head.len);
    return memcmp(digest, file.ptr + file.len, LLMFI_SHA256) == 0;
}

/* The documents that the copy has of this source, into the list. Returns how old the oldest of them is, in milliseconds; below 0: it has none. */
static int64_t llmfi_copy_read(llmf_factory *f, size_t source, llmfi_document **list) {
    llmf_str wanted = llmfi_cstr(llmfi_source_at(&f->desc, source)), in, uri;
    llmfi_report report = llmfi_report_to(NULL, NULL);
    llmfi_document of_copy, *d;
    int64_t age = -1, now = llmfi_wall(f);
    llmfi_buf file;
    llmfi_buf_init(&file, &f->heap, 0);
    if (f->desc.config_copy && llmfi_source_read_most(llmfi_cstr(f->desc.config_copy), LLMFI_COPY_MOST, &file, &report) == LLMFI_SOURCE_READ &&
        llmfi_copy_whole(llmfi_buf_str(&file), &in)) {
        while (llmfi_copy_next(&in, &uri, &of_copy)) {
            if (!llmfi_eq(uri, wanted) || (d = llmfi_document_new(&f->heap, source, of_copy.name, of_copy.etag, of_copy.text)) == NULL) continue;
            d->fetched_ms = of_copy.fetched_ms;
            llmfi_document_insert(list, d);
            if (now - d->fetched_ms > age) age = now - d->fetched_ms;
            if (age < 0) age = 0; /* the clock was set back */
        }
    }
    if (file.ptr) llmfi_wipe(llmfi_str(file.ptr, file.cap));
    llmfi_buf_free(&file);
    return age;
}

#else

static bool llmfi_copy_write(const llmf_factory *f, llmf_error *err) {
    (void)f;
    return llmfi_error_left_out(err, "llmf_desc.config_copy", "FILES");
}

static int64_t llmfi_copy_read(const llmf_factory *f, size_t source, llmfi_document **list) {
    (void)f, (void)source, (void)list;
    return -1;
}

#endif

#endif
#endif
