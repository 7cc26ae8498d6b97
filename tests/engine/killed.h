/* What is left of work that is killed in the middle: before and behind each of its system calls. */
#ifndef ENGINE_KILLED_H
#define ENGINE_KILLED_H
#include "kit.h"
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

/* Does `work` in a child that is killed at the n-th stop (from 1) at a system call, before it and behind it counted apart. True: it was over before, and good. */
static bool killed_behind(int (*work)(void), int n) {
    int status, i;
    pid_t child = fork();
    if (child == 0) {
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        raise(SIGSTOP);
        _exit(work());
    }
    waitpid(child, &status, 0);
    for (i = 0; i < n && WIFSTOPPED(status); i++) {
        ptrace(PTRACE_SYSCALL, child, NULL, NULL);
        waitpid(child, &status, 0);
    }
    if (WIFSTOPPED(status)) {
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        return false;
    }
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    return true;
}

#endif
