/* Where processors are slow (emulated: tests/targets.sh) $LLMF_LESS=N has each long test do an Nth of its work. */
#ifndef TESTS_LESS_H
#define TESTS_LESS_H
#include <stdlib.h>

static int less(int rounds) {
    const char *n = getenv("LLMF_LESS");
    int by = n ? atoi(n) : 1;
    return by > 1 ? (rounds + by - 1) / by : rounds;
}

#endif
