/* multipart/form-data (RFC 7578), written piece by piece: fields, then files, whose bytes come from memory or are read where they are wanted. Like all bodies it
   can be written again from anywhere: into a counter, a window, a buffer. */
#ifndef LLMFI_WIRE_MULTIPART_H
#define LLMFI_WIRE_MULTIPART_H
#include "../base/out.h"

enum { LLMFI_BOUNDARY = 48 };                /* bytes of the line that divides the parts, its NUL among them */

/* The bytes of a file: in memory, or by `read`, which gives `len` bytes from `at` on, or false. */
typedef struct llmfi_form_file {
    const char *bytes;
    uint64_t len;
    bool (*read)(void *user, uint64_t at, char *out, size_t len);
    void *user;
    bool failed;                             /* `read` said so: what was written is not the file */
} llmfi_form_file;

/* 24 random bytes make it: no content holds it but by an accident that does not happen. */
LLMFI_UNUSED static void llmfi_form_boundary(char out[LLMFI_BOUNDARY], const unsigned char random[24]) {
    memcpy(out, "llmfactory-", 11);
    llmfi_base64_encode(out + 11, random, 24);
    out[43] = '\0';
    for (out += 11; *out; out++) /* + and / would have to be quoted in the header */
        if (*out == '+' || *out == '/') *out = '-';
}

/* A name or file name between its quotes, as browsers write it (HTML, "multipart form data"). */
static void llmfi_form_quoted(llmfi_out *o, llmf_str name) {
    size_t i, from = 0;
    LLMFI_PUT(o, "\"");
    for (i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (c != '"' && c != '\r' && c != '\n') continue;
        llmfi_put(o, name.ptr + from, i - from);
        if (c == '"') LLMFI_PUT(o, "%22");
        else if (c == '\r') LLMFI_PUT(o, "%0D");
        else LLMFI_PUT(o, "%0A");
        from = i + 1;
    }
    llmfi_put(o, name.ptr + from, name.len - from);
    LLMFI_PUT(o, "\"");
}

static void llmfi_form_part(llmfi_out *o, const char *boundary, llmf_str name) {
    LLMFI_PUT(o, "--");
    llmfi_put_str(o, llmfi_cstr(boundary));
    LLMFI_PUT(o, "\r\nContent-Disposition: form-data; name=");
    llmfi_form_quoted(o, name);
}

LLMFI_UNUSED static void llmfi_form_field(llmfi_out *o, const char *boundary, llmf_str name, llmf_str value) {
    llmfi_form_part(o, boundary, name);
    LLMFI_PUT(o, "\r\n\r\n");
    llmfi_put_str(o, value);
    LLMFI_PUT(o, "\r\n");
}

/* The bytes themselves; of a file that must be read only those that somebody looks at. */
static void llmfi_form_bytes(llmfi_out *o, llmfi_form_file *f) {
    char block[2048];
    uint64_t at = 0;
    if (f->bytes) {
        llmfi_put(o, f->bytes, (size_t)f->len);
        return;
    }
    if (!o->tap && !o->grow && o->ptr && !o->full) {
        at = o->skip < f->len ? o->skip : f->len;
        o->skip -= at;
        o->total += at;
    }
    while (at < f->len && !llmfi_out_deaf(o)) {
        size_t n = f->len - at < sizeof block ? (size_t)(f->len - at) : sizeof block;
        if (!o->tap && !o->grow && n > o->cap - o->len) n = o->cap - o->len;
        if (!f->read(f->user, at, block, n)) {
            f->failed = true;
            memset(block, 0, n);
        }
        llmfi_put(o, block, n);
        at += n;
    }
    o->total += f->len - at;
}

LLMFI_UNUSED static void llmfi_form_file_part(llmfi_out *o, const char *boundary, llmf_str name, llmf_str filename, llmf_str media_type, llmfi_form_file *f) {
    llmfi_form_part(o, boundary, name);
    LLMFI_PUT(o, "; filename=");
    llmfi_form_quoted(o, filename);
    LLMFI_PUT(o, "\r\nContent-Type: ");
    llmfi_put_str(o, media_type);
    LLMFI_PUT(o, "\r\n\r\n");
    llmfi_form_bytes(o, f);
    LLMFI_PUT(o, "\r\n");
}

LLMFI_UNUSED static void llmfi_form_end(llmfi_out *o, const char *boundary) {
    LLMFI_PUT(o, "--");
    llmfi_put_str(o, llmfi_cstr(boundary));
    LLMFI_PUT(o, "--\r\n");
}

#endif
