/* The system's clocks and random bytes, used where llmf_desc gives none. */
#ifndef LLMFI_BASE_CLOCK_H
#define LLMFI_BASE_CLOCK_H
#include "str.h"
#if defined(_WIN32)
#include <windows.h>
#else
#include <time.h>
#endif

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

#endif
