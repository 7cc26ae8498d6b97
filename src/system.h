/* -std=c99 hides POSIX, and the macro that shows it counts only before the first system header of a file: so this stands on top of the product. */
#if defined(LLMFACTORY_IMPLEMENTATION) && !defined(__cplusplus) && !defined(_WIN32) && !defined(_DEFAULT_SOURCE) && !defined(_GNU_SOURCE)
#define _DEFAULT_SOURCE 1
#endif
#if defined(LLMFACTORY_IMPLEMENTATION) && defined(_FEATURES_H) && defined(__GLIBC__) && !defined(__USE_XOPEN2K) && !(defined(LLMF_NO_STDLIB) && LLMF_NO_STDLIB)
#error "llmfactory: -std=c99 hides POSIX. In the file with LLMFACTORY_IMPLEMENTATION include llmfactory.h before every other header, or compile it with -D_DEFAULT_SOURCE or -std=gnu99"
#endif
#if defined(LLMFACTORY_IMPLEMENTATION) && defined(__APPLE__) && !defined(_DARWIN_C_SOURCE)
#define _DARWIN_C_SOURCE 1
#endif
