/* What tests/minimal.sh measures of a program, in one run of it:
     measure first PROGRAM ARGUMENT...   microseconds from its start to the first byte on its standard output
     measure peak PROGRAM ARGUMENT...    kilobytes of memory that were resident at most
   Its output is dropped. Ends with what the program ended with. */
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int ended(pid_t pid) {
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static int first(char **argv) {
    char bytes[4096];
    int to[2];
    double from = now_us(), at = 0;
    pid_t pid;
    if (pipe(to)) return 125;
    pid = vfork(); /* fork would have the pages of this process copied meanwhile */
    if (pid == 0) {
        dup2(to[1], STDOUT_FILENO);
        close(to[0]);
        close(to[1]);
        execv(argv[0], argv);
        _exit(126);
    }
    close(to[1]);
    while (read(to[0], bytes, sizeof bytes) > 0)
        if (at == 0) at = now_us();
    if (at > 0) printf("%.0f\n", at - from);
    return ended(pid);
}

/* A line's number in a file of /proc/PID; 0: none. */
static long number(pid_t pid, const char *file, const char *name) {
    char path[64], line[256];
    long n = 0;
    FILE *f;
    snprintf(path, sizeof path, "/proc/%ld/%s", (long)pid, file);
    f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f))
        if (!strncmp(line, name, strlen(name))) n = strtol(line + strlen(name), NULL, 10);
    if (f) fclose(f);
    return n;
}

/* Looked at when it is about to end. VmHWM is the peak, but the kernel adds up in steps; what is resident now it counts exactly, and what gives nothing back is
   at its peak at the end: the larger of the two. (ru_maxrss will not do: it has this process's own in it, from before execv.) */
static int peak(char **argv) {
    pid_t pid = fork();
    int status;
    long high, now;
    if (pid == 0) {
        int nowhere = open("/dev/null", O_WRONLY);
        dup2(nowhere, STDOUT_FILENO);
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        execv(argv[0], argv);
        _exit(126);
    }
    if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status)) return 125;
    ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACEEXIT | PTRACE_O_EXITKILL);
    ptrace(PTRACE_CONT, pid, NULL, NULL);
    while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {
        int signal = WSTOPSIG(status);
        if (status >> 8 == (SIGTRAP | PTRACE_EVENT_EXIT << 8)) {
            signal = 0;
            high = number(pid, "status", "VmHWM:");
            now = number(pid, "smaps_rollup", "Rss:");
            printf("%ld\n", high > now ? high : now);
        }
        ptrace(PTRACE_CONT, pid, NULL, (void *)(long)signal);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

int main(int argc, char **argv) {
    if (argc > 2 && !strcmp(argv[1], "first")) return first(argv + 2);
    if (argc > 2 && !strcmp(argv[1], "peak")) return peak(argv + 2);
    fprintf(stderr, "usage: measure first|peak PROGRAM ARGUMENT...\n");
    return 2;
}
