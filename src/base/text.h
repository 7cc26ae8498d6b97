/* Sentences put together in a fixed buffer: for errors and log lines. Always ends with NUL; what does not fit is cut, never at the middle of a character. */
#ifndef LLMFI_BASE_TEXT_H
#define LLMFI_BASE_TEXT_H
#include "str.h"

typedef struct llmfi_text {
    char *ptr;
    size_t cap, len;
} llmfi_text;

LLMFI_UNUSED static llmfi_text llmfi_text_in(char *buffer, size_t cap) {
    llmfi_text t;
    t.ptr = buffer;
    t.cap = cap;
    t.len = 0;
    if (cap) buffer[0] = '\0';
    return t;
}

LLMFI_UNUSED static void llmfi_say(llmfi_text *t, llmf_str s) {
    size_t room = t->cap > t->len ? t->cap - t->len - 1 : 0, n = s.len < room ? s.len : room;
    while (n < s.len && n && ((unsigned char)s.ptr[n] & 0xC0) == 0x80) n--;
    if (n) memcpy(t->ptr + t->len, s.ptr, n);
    t->len += n;
    if (t->cap) t->ptr[t->len] = '\0';
    if (n < s.len) t->cap = t->len + 1; /* nothing follows what was cut */
}

#define LLMFI_SAY(t, lit) llmfi_say((t), LLMFI_LIT(lit))

LLMFI_UNUSED static void llmfi_say_c(llmfi_text *t, const char *s) {
    llmfi_say(t, llmfi_cstr(s));
}

LLMFI_UNUSED static void llmfi_say_int(llmfi_text *t, int64_t v) {
    char digits[24];
    size_t at = sizeof digits;
    uint64_t u = v < 0 ? (uint64_t)0 - (uint64_t)v : (uint64_t)v;
    do digits[--at] = (char)('0' + u % 10);
    while ((u /= 10) != 0);
    if (v < 0) digits[--at] = '-';
    llmfi_say(t, llmfi_str(digits + at, sizeof digits - at));
}

#endif
