/* Counts the allocations of the whole process. By standing in front of the C library's functions, which the sanitizers do already: with them, and without glibc, nothing is counted. */
#ifndef ENGINE_ALLOC_H
#define ENGINE_ALLOC_H
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ALLOC_COUNTED 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer) || __has_feature(thread_sanitizer)
#define ALLOC_COUNTED 0
#endif
#endif
#if !defined(ALLOC_COUNTED) && defined(__GLIBC__) && defined(__linux__)
#define ALLOC_COUNTED 1
#endif
#ifndef ALLOC_COUNTED
#define ALLOC_COUNTED 0
#endif

static int alloc_counting;
static unsigned long alloc_all;

static __attribute__((unused)) void alloc_begin(void) {
    alloc_all = 0;
    alloc_counting = 1;
}

static __attribute__((unused)) void alloc_end(void) {
    alloc_counting = 0;
}

#if ALLOC_COUNTED
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);

void *malloc(size_t size) {
    alloc_all += alloc_counting != 0;
    return __libc_malloc(size);
}
void *calloc(size_t count, size_t size) {
    alloc_all += alloc_counting != 0;
    return __libc_calloc(count, size);
}
void *realloc(void *old, size_t size) {
    alloc_all += alloc_counting != 0;
    return __libc_realloc(old, size);
}
#endif

#endif
