/* The one sink that request bodies, JSON and everything generated is written to. A body is never held whole: it is emitted
   again and again, each time into a window of it. One pass counts, one hashes, the others send. */
#ifndef LLMFI_BASE_OUT_H
#define LLMFI_BASE_OUT_H
#include "base64.h"
#include "mem.h"
#include "num.h"

typedef struct llmfi_out {
    char *ptr;                               /* the window; NULL: only counted */
    size_t cap, len;
    uint64_t skip;                           /* bytes still to be dropped before the window begins */
    uint64_t total;                          /* bytes put so far, dropped ones included */
    void (*tap)(void *user, const char *bytes, size_t len); /* sees every byte, for a hash; NULL: none */
    void *tap_user;
    llmfi_buf *grow;                         /* instead of a window: append here */
    bool full;                               /* len == cap: further bytes are only counted, so an emitter may stop */
    bool failed;                             /* `grow` was refused; nothing is appended after that */
} llmfi_out;

/* Only counts; set .tap to hash what is put. */
LLMFI_UNUSED static void llmfi_out_count(llmfi_out *o) {
    memset(o, 0, sizeof *o);
}

/* Keeps bytes skip .. skip + cap of what is put. */
LLMFI_UNUSED static void llmfi_out_window(llmfi_out *o, char *ptr, size_t cap, uint64_t skip) {
    memset(o, 0, sizeof *o);
    o->ptr = ptr;
    o->cap = cap;
    o->skip = skip;
    o->full = cap == 0;
}

/* Appends all that is put to `grow`. */
LLMFI_UNUSED static void llmfi_out_buf(llmfi_out *o, llmfi_buf *grow) {
    memset(o, 0, sizeof *o);
    o->grow = grow;
}

/* True when nobody looks at further bytes: they may be counted without being made. */
LLMFI_UNUSED static bool llmfi_out_deaf(const llmfi_out *o) {
    return !o->tap && (o->grow ? o->failed : !o->ptr || o->full);
}

/* Puts what is counted already. */
static void llmfi_put_slow(llmfi_out *o, const char *bytes, size_t len) {
    if (o->tap && len) o->tap(o->tap_user, bytes, len);
    if (o->grow) {
        if (!o->failed && !llmfi_buf_add(o->grow, bytes, len)) o->failed = true;
        return;
    }
    if (!o->ptr || o->full) return;
    if (o->skip >= len) {
        o->skip -= len;
        return;
    }
    bytes += (size_t)o->skip;
    len -= (size_t)o->skip;
    o->skip = 0;
    if (len > o->cap - o->len) len = o->cap - o->len;
    memcpy(o->ptr + o->len, bytes, len);
    o->len += len;
    o->full = o->len == o->cap;
}

#if LLMFI_SMALL
#define llmfi_put_fast llmfi_put
#endif
/* In place, for the writer of JSON, which mostly puts a few bytes. */
LLMFI_UNUSED static LLMFI_FAST void llmfi_put_fast(llmfi_out *o, const char *bytes, size_t len) {
    o->total += len;
#if !LLMFI_SMALL
    if (!o->tap && !o->skip && o->ptr && len < o->cap - o->len) {
        if (len) memcpy(o->ptr + o->len, bytes, len);
        o->len += len;
        return;
    }
#endif
    llmfi_put_slow(o, bytes, len);
}

#if !LLMFI_SMALL
LLMFI_UNUSED static void llmfi_put(llmfi_out *o, const char *bytes, size_t len) {
    llmfi_put_fast(o, bytes, len);
}
#endif

#if LLMFI_SMALL
LLMFI_UNUSED static LLMFI_COLD void llmfi_put_c(llmfi_out *o, const char *text) {
    llmfi_put(o, text, llmfi_strlen(text));
}
#define LLMFI_PUT(o, lit) llmfi_put_c((o), "" lit)
#else
#define LLMFI_PUT(o, lit) llmfi_put((o), "" lit, sizeof(lit) - 1)
#endif

LLMFI_UNUSED static void llmfi_put_str(llmfi_out *o, llmf_str s) {
    llmfi_put(o, s.ptr, s.len);
}

LLMFI_UNUSED static LLMFI_SHORT void llmfi_put_char(llmfi_out *o, char c) {
    llmfi_put(o, &c, 1);
}

LLMFI_UNUSED static void llmfi_put_int(llmfi_out *o, int64_t value) {
    char text[LLMFI_INT_TEXT];
    llmfi_put(o, text, llmfi_print_int(text, value));
}

/* `len` bytes as base64, without making what nobody looks at: the cost is that of the window, not of the data. */
LLMFI_UNUSED static void llmfi_put_base64(llmfi_out *o, const void *data, size_t len) {
    const char *p = (const char *)data;
    char text[4 * 64];
    uint64_t left = ((uint64_t)len + 2) / 3 * 4;
    if (!o->tap && !o->grow && o->ptr && !o->full) {
        uint64_t groups = (o->skip < left ? o->skip : left) / 4;
        size_t before = groups * 3 < len ? (size_t)groups * 3 : len;
        o->skip -= groups * 4;
        o->total += groups * 4;
        left -= groups * 4;
        p += before;
        len -= before;
    }
    while (len && !llmfi_out_deaf(o)) {
        size_t n = len < sizeof text / 4 * 3 ? len : sizeof text / 4 * 3, made = llmfi_base64_encode(text, p, n);
        llmfi_put(o, text, made);
        p += n;
        len -= n;
        left -= made;
    }
    o->total += left;
}

#endif
