/* Text as views: pointer and length, never assumed to end with NUL. Locale-free ASCII only. */
#ifndef LLMFI_BASE_STR_H
#define LLMFI_BASE_STR_H
#include "libc.h"
#include "../api.h"
#include "../options.h"

/* A function that some choice of options leaves without a caller. */
#if defined(__GNUC__)
#define LLMFI_UNUSED __attribute__((unused))
#else
#define LLMFI_UNUSED
#endif

/* Not part of the usual path: kept out of line, once. */
#if defined(__GNUC__)
#define LLMFI_COLD __attribute__((noinline))
#else
#define LLMFI_COLD
#endif

/* Compiled for size (-Os): what is short is called, not expanded in place. */
#if defined(__OPTIMIZE_SIZE__)
#define LLMFI_SMALL 1
#else
#define LLMFI_SMALL 0
#endif

/* Short, but used in many places: one copy where size counts. */
#if LLMFI_SMALL
#define LLMFI_SHORT LLMFI_COLD
#else
#define LLMFI_SHORT
#endif

/* Worth being expanded in place; not where size counts. */
#if LLMFI_SMALL
#define LLMFI_FAST
#elif defined(__GNUC__)
#define LLMFI_FAST inline __attribute__((always_inline))
#else
#define LLMFI_FAST inline
#endif

/* Words for people. Without STRINGS not even the literal stays. */
#if LLMF_HAS_STRINGS
#define LLMFI_WORDS(text) text
#else
#define LLMFI_WORDS(text) ""
#endif

#define LLMFI_LIT(s) llmfi_str("" s, sizeof(s) - 1)
#define LLMFI_COUNT(a) (sizeof(a) / sizeof((a)[0]))

LLMFI_UNUSED static llmf_str llmfi_str(const char *ptr, size_t len) {
    llmf_str s;
    s.ptr = ptr;
    s.len = len;
    return s;
}

/* NULL gives the empty text. */
LLMFI_UNUSED static llmf_str llmfi_cstr(const char *text) {
    return llmfi_str(text ? text : "", text ? llmfi_strlen(text) : 0);
}

LLMFI_UNUSED static llmf_str llmfi_range(const char *from, const char *to) {
    return llmfi_str(from, (size_t)(to - from));
}

LLMFI_UNUSED static bool llmfi_eq(llmf_str a, llmf_str b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* In the order of bytes. */
LLMFI_UNUSED static bool llmfi_before(llmf_str a, llmf_str b) {
    size_t n = a.len < b.len ? a.len : b.len;
    int order = n ? memcmp(a.ptr, b.ptr, n) : 0;
    return order < 0 || (order == 0 && a.len < b.len);
}

/* Against a literal: the length is a constant, so the compiler makes one comparison of it. */
#if LLMFI_SMALL
LLMFI_UNUSED static LLMFI_COLD bool llmfi_is(llmf_str s, const char *text) {
    return llmfi_eq(s, llmfi_cstr(text));
}
#define LLMFI_IS(s, lit) llmfi_is((s), "" lit)
#else
#define LLMFI_IS(s, lit) ((s).len == sizeof(lit) - 1 && memcmp((s).ptr, "" lit, sizeof(lit) - 1) == 0)
#endif

/* The place of a word, from 0, in a list whose words end with NUL and whose last is empty; -1: it is not in it. */
LLMFI_UNUSED static int llmfi_word_in(const char *words, llmf_str word) {
    int i;
    for (i = 0; *words; i++) {
        size_t len = llmfi_strlen(words);
        if (len == word.len && memcmp(words, word.ptr, len) == 0) return i;
        words += len + 1;
    }
    return -1;
}

/* The word of that place, which is in the list. */
LLMFI_UNUSED static const char *llmfi_word_at(const char *words, int at) {
    while (at--) words += llmfi_strlen(words) + 1;
    return words;
}

LLMFI_UNUSED static char llmfi_lower(char c) {
    return (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

LLMFI_UNUSED static bool llmfi_is_digit(char c) {
    return c >= '0' && c <= '9';
}

LLMFI_UNUSED static bool llmfi_is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* ASCII letters without case: header names, enum words. */
LLMFI_UNUSED static bool llmfi_eq_nocase(llmf_str a, llmf_str b) {
    size_t i;
    if (a.len != b.len) return false;
    for (i = 0; i < a.len; i++)
        if (a.ptr[i] != b.ptr[i] && llmfi_lower(a.ptr[i]) != llmfi_lower(b.ptr[i])) return false;
    return true;
}

/* As llmfi_word_in, letters without case. */
LLMFI_UNUSED static int llmfi_word_in_nocase(const char *words, llmf_str word) {
    int i;
    for (i = 0; *words; i++, words += llmfi_strlen(words) + 1)
        if (llmfi_eq_nocase(llmfi_cstr(words), word)) return i;
    return -1;
}

/* Against a literal, letters without case; the lengths first: most names differ in them. */
#if LLMFI_SMALL
LLMFI_UNUSED static LLMFI_COLD bool llmfi_named(llmf_str s, const char *text) {
    return llmfi_eq_nocase(s, llmfi_cstr(text));
}
#define LLMFI_NAMED(s, lit) llmfi_named((s), "" lit)
#else
#define LLMFI_NAMED(s, lit) ((s).len == sizeof(lit) - 1 && llmfi_eq_nocase((s), LLMFI_LIT(lit)))
#endif

LLMFI_UNUSED static bool llmfi_starts(llmf_str s, llmf_str prefix) {
    return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.ptr, prefix.ptr, prefix.len) == 0);
}

LLMFI_UNUSED static bool llmfi_ends(llmf_str s, llmf_str suffix) {
    return s.len >= suffix.len && (suffix.len == 0 || memcmp(s.ptr + s.len - suffix.len, suffix.ptr, suffix.len) == 0);
}

/* The text from byte `at` on; empty when `at` is at or past the end. */
LLMFI_UNUSED static llmf_str llmfi_from(llmf_str s, size_t at) {
    if (at > s.len) at = s.len;
    return llmfi_str(s.ptr + at, s.len - at);
}

#define LLMFI_NOWHERE ((size_t)-1)

/* Offset of the first `c`, or LLMFI_NOWHERE. */
LLMFI_UNUSED static size_t llmfi_find_char(llmf_str s, char c) {
    const char *at = s.len ? (const char *)llmfi_memchr(s.ptr, c, s.len) : NULL;
    return at ? (size_t)(at - s.ptr) : LLMFI_NOWHERE;
}

/* Offset of the first `needle`, ASCII letters without case, or LLMFI_NOWHERE. */
LLMFI_UNUSED static size_t llmfi_find_nocase(llmf_str s, llmf_str needle) {
    size_t i;
    for (i = 0; i + needle.len <= s.len; i++)
        if (llmfi_eq_nocase(llmfi_str(s.ptr + i, needle.len), needle)) return i;
    return LLMFI_NOWHERE;
}

LLMFI_UNUSED static llmf_str llmfi_trim(llmf_str s) {
    while (s.len && llmfi_is_space(s.ptr[0])) s = llmfi_from(s, 1);
    while (s.len && llmfi_is_space(s.ptr[s.len - 1])) s.len--;
    return s;
}

/* Overwrites a secret. The compiler must not leave this out because nobody reads the bytes again. */
LLMFI_UNUSED static void llmfi_wipe(llmf_str secret) {
    void *(*volatile set)(void *, int, size_t) = memset;
    if (secret.len) set((void *)(uintptr_t)secret.ptr, 0, secret.len);
}

#endif
