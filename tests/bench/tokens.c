/* Counts the tokens of files with one of the encodings, again and again: tokens RANKS ROUNDS FILE...; prints for each file tokens, bytes, microseconds of CPU of the fastest
   round, then the greatest memory of the process in KB. */
#define LLMFACTORY_IMPLEMENTATION
#define LLMF_ONLY 1
#define LLMF_WITH_MOCK 1
#define LLMF_WITH_TOKENS 1
#define LLMF_WITH_FILES 1
#include "../../llmfactory.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

static double cpu_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

int main(int argc, char **argv) {
    static char text[8 << 20];
    llmf_tokens_desc d = {0};
    llmf_error err;
    llmf_tokens *t;
    struct rusage use;
    int i, k, rounds = argc > 3 ? atoi(argv[2]) : 0;
    if (rounds <= 0) return 2;
    d.path = argv[1];
    t = llmf_tokens_open(NULL, &d, &err);
    if (!t) return fprintf(stderr, "%s\n", err.text), 1;
    for (i = 3; i < argc; i++) {
        FILE *f = fopen(argv[i], "rb");
        double least = 1e18;
        int64_t n = -1;
        llmf_str s;
        if (!f) return 1;
        s.ptr = text;
        s.len = fread(text, 1, sizeof text, f);
        fclose(f);
        for (k = 0; k < rounds; k++) {
            double begin = cpu_us(), took;
            n = llmf_tokens_encode(t, s, 0, NULL, 0);
            took = cpu_us() - begin;
            if (took < least) least = took;
        }
        printf("%lld %zu %.0f\n", (long long)n, s.len, least);
    }
    getrusage(RUSAGE_SELF, &use);
    printf("memory %ld\n", use.ru_maxrss);
    llmf_tokens_close(t);
    return 0;
}
