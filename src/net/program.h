/* Programs that are started, in groups of their own, and ended with all that they have started. POSIX. */
#ifndef LLMFI_NET_PROGRAM_H
#define LLMFI_NET_PROGRAM_H
#include "sys.h"

#if LLMF_HAS_SOCKETS && !defined(_WIN32) && ((LLMF_HAS_SECRETS && LLMF_HAS_CONFIG) || LLMF_HAS_MCP)
#define LLMFI_HAS_PROGRAMS 1

/* argv: NULL behind the last; its first is looked for by PATH. in: what it reads; -1: nothing. out: where it writes; its errors go where ours go. Signals are as usual
   for it. 0 with *pid, or the system's error and *pid 0. */
LLMFI_UNUSED static int llmfi_program_start(pid_t *pid, const char *const *argv, int in, int out) {
    posix_spawn_file_actions_t files;
    posix_spawnattr_t how;
    sigset_t none, usual;
    int failed = posix_spawn_file_actions_init(&files);
    *pid = 0;
    if (failed) return failed;
    failed = posix_spawnattr_init(&how);
    if (failed) {
        (void)posix_spawn_file_actions_destroy(&files);
        return failed;
    }
    (void)sigemptyset(&none);
    (void)sigemptyset(&usual);
    (void)sigaddset(&usual, SIGPIPE);
    (void)sigaddset(&usual, SIGINT);
    (void)sigaddset(&usual, SIGTERM);
    (void)sigaddset(&usual, SIGCHLD);
    failed = in < 0 ? posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0) : posix_spawn_file_actions_adddup2(&files, in, 0);
    if (!failed) failed = posix_spawn_file_actions_adddup2(&files, out, 1);
    if (!failed) failed = posix_spawnattr_setflags(&how, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    if (!failed) failed = posix_spawnattr_setpgroup(&how, 0);
    if (!failed) failed = posix_spawnattr_setsigmask(&how, &none);
    if (!failed) failed = posix_spawnattr_setsigdefault(&how, &usual);
    if (!failed) failed = posix_spawnp(pid, argv[0], &files, &how, (char *const *)(uintptr_t)argv, LLMFI_ENVIRON);
    (void)posix_spawnattr_destroy(&how);
    (void)posix_spawn_file_actions_destroy(&files);
    if (failed) *pid = 0;
    return failed;
}

/* It may end by itself for so long. A look at the process must not wait: what the system cannot end at once is left to it. */
LLMFI_UNUSED static void llmfi_program_end(pid_t *pid, int grace_ms) {
    int i, status;
    for (i = 0; *pid > 0 && i < grace_ms; i++) {
        if (waitpid(*pid, &status, WNOHANG) != 0) *pid = 0;
        else (void)poll(NULL, 0, 1);
    }
    if (*pid <= 0) return;
    (void)kill(-*pid, SIGKILL);
    for (i = 0; i < 100 && waitpid(*pid, &status, WNOHANG) == 0; i++) (void)poll(NULL, 0, 1);
    *pid = 0;
}

#else
#define LLMFI_HAS_PROGRAMS 0
#endif
#endif
