/* What is used of the C library everywhere: memcpy, memmove, memset and memcmp, which compilers call by themselves, a few functions for texts that end
   with NUL, and errno. With LLMF_NO_STDLIB only the first four are wanted, declared here; the rest is ours. */
#ifndef LLMFI_BASE_LIBC_H
#define LLMFI_BASE_LIBC_H
#include "../api.h"
#include "../options.h"

#if LLMF_HAS_STDLIB

#include <errno.h>
#include <string.h>

#define llmfi_strlen(text) strlen(text)
#define llmfi_strcmp(a, b) strcmp((a), (b))
#define llmfi_strncmp(a, b, len) strncmp((a), (b), (len))
#define llmfi_strchr(text, c) strchr((text), (c))
#define llmfi_strrchr(text, c) strrchr((text), (c))
#define llmfi_memchr(bytes, c, len) memchr((bytes), (c), (len))
#define LLMFI_ERRNO errno
#define LLMFI_SET_ERRNO(value) ((void)(errno = (value)))

#else

#if defined(__cplusplus) && defined(__has_include)
#if __has_include(<string.h>)
#define LLMFI_STRING_H 1 /* whether its functions are noexcept, libraries do not agree: its own declarations, or C++ takes no others beside them */
#endif
#endif
#ifdef LLMFI_STRING_H
#include <string.h>
#else
#ifdef __cplusplus
extern "C" {
#endif
void *memcpy(void *to, const void *from, size_t len);
void *memmove(void *to, const void *from, size_t len);
void *memset(void *to, int byte, size_t len);
int memcmp(const void *a, const void *b, size_t len);
#ifdef __cplusplus
}
#endif
#endif

#define LLMFI_ERRNO 0
#define LLMFI_SET_ERRNO(value) ((void)(value))

static inline size_t llmfi_strlen(const char *text) {
    const char *at = text;
    while (*at) at++;
    return (size_t)(at - text);
}

static inline int llmfi_strncmp(const char *a, const char *b, size_t len) {
    for (; len && *a == *b; a++, b++, len--)
        if (!*a) return 0;
    return len ? (int)(unsigned char)*a - (int)(unsigned char)*b : 0;
}

static inline int llmfi_strcmp(const char *a, const char *b) {
    return llmfi_strncmp(a, b, (size_t)-1);
}

static inline const void *llmfi_memchr(const void *bytes, int c, size_t len) {
    const unsigned char *at = (const unsigned char *)bytes;
    for (; len; at++, len--)
        if (*at == (unsigned char)c) return at;
    return NULL;
}

/* The NUL belongs to the text. */
static inline const char *llmfi_strchr(const char *text, int c) {
    return (const char *)llmfi_memchr(text, c, llmfi_strlen(text) + 1);
}

static inline const char *llmfi_strrchr(const char *text, int c) {
    const char *at = text + llmfi_strlen(text) + 1;
    while (at > text)
        if (*--at == (char)c) return at;
    return NULL;
}

#endif
#endif
