/* What the tests of the static client's parts count. */
#ifndef EXPECT_H
#define EXPECT_H
#include <stdio.h>

static int passed, failed;

static void expect(int good, const char *what, long at) {
    if (good) {
        passed++;
        return;
    }
    if (failed++ < 20) printf("FAILED: %s, at %ld\n", what, at);
}

static int told(void) { /* the program's last line, and what main returns */
    printf("%d passed, %d failed, 0 skipped\n", passed, failed);
    return failed != 0;
}
#endif
