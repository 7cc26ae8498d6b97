/* The system's clocks and random bytes, used where llmf_desc gives none. */
#ifndef LLMFI_BASE_CLOCK_H
#define LLMFI_BASE_CLOCK_H
#include "str.h"
#include "windows.h"
#if LLMF_HAS_STDLIB && !defined(_WIN32)
#include <time.h>
#endif

/* The moment `ms` milliseconds after `from`, in nanoseconds. More than can be counted is a moment that does not come: arithmetic on it stays in range. */
LLMFI_UNUSED static uint64_t llmfi_after_ms(uint64_t from, int64_t ms) {
    uint64_t most = (UINT64_MAX - from) / 2;
    if (ms <= 0) return from;
    return from + ((uint64_t)ms < most / 1000000u ? (uint64_t)ms * 1000000u : most);
}

#if LLMF_HAS_STDLIB

/* Monotonic nanoseconds. */
LLMFI_UNUSED static uint64_t llmfi_clock_ns(void) {
#if defined(_WIN32)
    LARGE_INTEGER now, per_second;
    QueryPerformanceCounter(&now);
    QueryPerformanceFrequency(&per_second);
    return (uint64_t)now.QuadPart / (uint64_t)per_second.QuadPart * 1000000000u +
           (uint64_t)now.QuadPart % (uint64_t)per_second.QuadPart * 1000000000u / (uint64_t)per_second.QuadPart;
#else
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
#endif
}

/* Milliseconds since 1970, as the system's clock has it. */
LLMFI_UNUSED static int64_t llmfi_wall_ms(void) {
#if defined(_WIN32)
    FILETIME now; /* in tenths of a microsecond since 1601 */
    GetSystemTimeAsFileTime(&now);
    return (int64_t)(((uint64_t)now.dwHighDateTime << 32 | now.dwLowDateTime) / 10000u) - INT64_C(11644473600000);
#else
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
#endif
}

#else

/* There are none: llmf_open wants llmf_desc.clock_ns, a signature wants wall_ms. */
LLMFI_UNUSED static uint64_t llmfi_clock_ns(void) {
    return 0;
}

LLMFI_UNUSED static int64_t llmfi_wall_ms(void) {
    return 0;
}

#endif

#endif
