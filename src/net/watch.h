/* Waiting for descriptors: epoll on Linux, poll elsewhere, WSAPoll on Windows. One watch per factory serves every transport.

   Level-triggered. What is no longer wanted is told to the kernel only when it gets in the way: a stream that pauses and goes on costs no
   system call. A wait that was cut short keeps the ready ones it has not served and begins with them the next time. */
#ifndef LLMFI_NET_WATCH_H
#define LLMFI_NET_WATCH_H
#include "sys.h"

/* Ready descriptors that one question to the kernel may bring. */
#ifndef LLMFI_WATCH_BATCH
#if LLMF_HAS_SOCKETS
#define LLMFI_WATCH_BATCH 64
#else
#define LLMFI_WATCH_BATCH 1
#endif
#endif

/* Embedded in whatever owns a descriptor: zeroed, then fd and ready set. */
typedef struct llmfi_watcher {
    intptr_t fd;
    int events;                                                    /* LLMF_FD_READ | LLMF_FD_WRITE wanted; 0: none for now */
    int armed;                                                     /* what the kernel was told (epoll) */
    bool linked;                                                   /* in the watch's list */
    void (*ready)(struct llmfi_watcher *w, int events);            /* may set and remove itself and others */
    struct llmfi_watcher *next, *prev;                             /* all that are watched */
} llmfi_watcher;

typedef struct llmfi_ready {
    llmfi_watcher *w;                                              /* NULL: removed meanwhile */
    int events;
} llmfi_ready;

typedef struct llmfi_watch {
    llmfi_heap *heap;
    llmfi_watcher *first;
    size_t count;                                                  /* in the list */
    llmfi_ready ready[LLMFI_WATCH_BATCH];
    size_t ready_at, ready_len;
    bool woken;                                                    /* llmfi_watch_wake was called: see llmfi_watch_woken */
    bool stopped;
#ifdef _WIN32
    bool started;                                                  /* WSAStartup */
#endif
#if LLMF_HAS_SOCKETS
    intptr_t wake_read, wake_write;                                /* the same one for an eventfd */
#if LLMF_HAS_EPOLL
    int epoll;
#else
    llmfi_watcher **owner;                                         /* from the heap: whose the fds are, and behind them in the same piece … */
    llmfi_pollfd *fds;                                             /* … the fds: the wake-up, then the list in order */
    size_t cap, turn;                                              /* turn: where the last question's service ended */
#endif
#endif
} llmfi_watch;

LLMFI_UNUSED static void llmfi_watch_link(llmfi_watch *watch, llmfi_watcher *w) {
    if (w->linked) return;
    w->prev = NULL;
    w->next = watch->first;
    if (w->next) w->next->prev = w;
    watch->first = w;
    w->linked = true;
    watch->count++;
}

static void llmfi_watch_unlink(llmfi_watch *watch, llmfi_watcher *w) {
    if (!w->linked) return;
    if (w->prev) w->prev->next = w->next;
    else watch->first = w->next;
    if (w->next) w->next->prev = w->prev;
    w->linked = false;
    watch->count--;
}

/* Takes a watcher out of what is still to be served. */
static void llmfi_watch_forget(llmfi_watch *watch, const llmfi_watcher *w) {
    size_t i;
    for (i = watch->ready_at; i < watch->ready_len; i++)
        if (watch->ready[i].w == w) watch->ready[i].w = NULL;
}

LLMFI_UNUSED static void llmfi_watch_found(llmfi_watch *watch, llmfi_watcher *w, int events) {
    watch->ready[watch->ready_len].w = w;
    watch->ready[watch->ready_len].events = events;
    watch->ready_len++;
}

/* ---- the wake-up ---- */

#if LLMF_HAS_SOCKETS && defined(_WIN32)
/* Pipes cannot be waited for together with sockets: a datagram socket that talks to itself. */
static bool llmfi_watch_wake_open(llmfi_watch *watch) {
    struct sockaddr_in here;
    int len = (int)sizeof here;
    intptr_t fd = llmfi_sys_socket(AF_INET, SOCK_DGRAM);
    watch->wake_read = watch->wake_write = fd;
    if (fd == LLMFI_NO_FD) return false;
    memset(&here, 0, sizeof here);
    here.sin_family = AF_INET;
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return !bind(LLMFI_SYS_FD(fd), (struct sockaddr *)&here, len) && !getsockname(LLMFI_SYS_FD(fd), (struct sockaddr *)&here, &len) &&
           !connect(LLMFI_SYS_FD(fd), (struct sockaddr *)&here, len);
}
#elif LLMF_HAS_SOCKETS && LLMF_HAS_EPOLL
static bool llmfi_watch_wake_open(llmfi_watch *watch) {
    watch->wake_read = watch->wake_write = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return watch->wake_read != LLMFI_NO_FD;
}
#elif LLMF_HAS_SOCKETS
static bool llmfi_watch_wake_open(llmfi_watch *watch) {
    int ends[2];
    if (pipe(ends)) return false;
    watch->wake_read = ends[0];
    watch->wake_write = ends[1];
    return llmfi_sys_quiet(ends[0]) && llmfi_sys_quiet(ends[1]);
}
#endif

/* From any thread, and from a signal handler: the wait under way, or the next one, returns at once. Many before it count as one. */
LLMFI_UNUSED static void llmfi_watch_wake(llmfi_watch *watch) {
#if LLMF_HAS_SOCKETS && defined(_WIN32)
    (void)send(LLMFI_SYS_FD(watch->wake_write), "", 1, 0);
#elif LLMF_HAS_SOCKETS
    static const uint64_t one = 1; /* eventfd takes nothing but eight bytes; a full pipe has woken already */
    int before = errno;
    ssize_t sent = write(LLMFI_SYS_FD(watch->wake_write), &one, sizeof one);
    (void)sent;
    errno = before;
#else
    watch->woken = true;
#endif
}

#if LLMF_HAS_SOCKETS
static void llmfi_watch_drain(llmfi_watch *watch) {
    char bytes[64];
    watch->woken = true;
#ifdef _WIN32
    while (recv(LLMFI_SYS_FD(watch->wake_read), bytes, (int)sizeof bytes, 0) > 0) continue;
#else
    while (read(LLMFI_SYS_FD(watch->wake_read), bytes, sizeof bytes) == (ssize_t)sizeof bytes) continue;
#endif
}
#endif

/* Was the watch woken since the last question? */
LLMFI_UNUSED static bool llmfi_watch_woken(llmfi_watch *watch) {
    bool woken = watch->woken;
    watch->woken = false;
    return woken;
}

/* ---- epoll ---- */

#if LLMF_HAS_SOCKETS && LLMF_HAS_EPOLL

static uint32_t llmfi_epoll_bits(int events) {
    return (events & LLMF_FD_READ ? (uint32_t)EPOLLIN : 0u) | (events & LLMF_FD_WRITE ? (uint32_t)EPOLLOUT : 0u);
}

/* Tells the kernel what w wants. The kernel drops a closed descriptor by itself, so it may know less, or more of a number used again. */
static bool llmfi_watch_arm(llmfi_watch *watch, llmfi_watcher *w) {
    struct epoll_event e;
    int fd = LLMFI_SYS_FD(w->fd), done;
    memset(&e, 0, sizeof e);
    e.events = llmfi_epoll_bits(w->events);
    e.data.ptr = w;
    if (!w->events) {
        done = w->armed ? epoll_ctl(watch->epoll, EPOLL_CTL_DEL, fd, &e) : 0;
        w->armed = 0;
        return true;
    }
    done = epoll_ctl(watch->epoll, w->armed ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &e);
    if (done && (errno == ENOENT || errno == EEXIST)) done = epoll_ctl(watch->epoll, errno == ENOENT ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &e);
    w->armed = done ? 0 : w->events;
    return !done;
}

LLMFI_UNUSED static bool llmfi_watch_init(llmfi_watch *watch, llmfi_heap *heap, size_t expected) {
    struct epoll_event e;
    (void)expected;
    memset(watch, 0, sizeof *watch);
    memset(&e, 0, sizeof e);
    watch->heap = heap;
    watch->wake_read = watch->wake_write = LLMFI_NO_FD;
    watch->epoll = epoll_create1(EPOLL_CLOEXEC);
    e.events = EPOLLIN;
    if (watch->epoll < 0 || !llmfi_watch_wake_open(watch)) return false;
    return epoll_ctl(watch->epoll, EPOLL_CTL_ADD, LLMFI_SYS_FD(watch->wake_read), &e) == 0;
}

LLMFI_UNUSED static void llmfi_watch_close(llmfi_watch *watch) {
    if (watch->wake_read != LLMFI_NO_FD) LLMFI_SYS_CLOSE(watch->wake_read);
    if (watch->epoll >= 0) close(watch->epoll);
    watch->wake_read = LLMFI_NO_FD;
    watch->epoll = -1;
}

/* Watches w for `events`, besides or instead of what it was watched for; 0 pauses. False: the system or the heap refused. */
LLMFI_UNUSED static bool llmfi_watch_set(llmfi_watch *watch, llmfi_watcher *w, int events) {
    w->events = events;
    if (!events && !w->linked) return true;
    llmfi_watch_link(watch, w);
    return !(events & ~w->armed) || llmfi_watch_arm(watch, w);
}

/* Before its descriptor is closed. Not watched: nothing. */
LLMFI_UNUSED static void llmfi_watch_remove(llmfi_watch *watch, llmfi_watcher *w) {
    w->events = 0;
    if (!w->linked) return;
    (void)llmfi_watch_arm(watch, w);
    llmfi_watch_unlink(watch, w);
    llmfi_watch_forget(watch, w);
}

/* The descriptors for somebody else's loop: the epoll descriptor stands for all of them and never changes. */
LLMFI_UNUSED static size_t llmfi_watch_list(const llmfi_watch *watch, llmf_fd *out, size_t cap) {
    if (cap) {
        out->fd = watch->epoll;
        out->events = LLMF_FD_READ;
    }
    return 1;
}

/* Asks the kernel. True: there may be more than fitted. */
static bool llmfi_watch_collect(llmfi_watch *watch, int timeout_ms) {
    struct epoll_event got[LLMFI_WATCH_BATCH];
    int n = epoll_wait(watch->epoll, got, LLMFI_WATCH_BATCH, timeout_ms), i;
    watch->ready_at = watch->ready_len = 0;
    for (i = 0; i < n; i++) {
        llmfi_watcher *w = (llmfi_watcher *)got[i].data.ptr;
        int events = (got[i].events & (uint32_t)EPOLLIN ? LLMF_FD_READ : 0) | (got[i].events & (uint32_t)EPOLLOUT ? LLMF_FD_WRITE : 0);
        if (got[i].events & (uint32_t)(EPOLLERR | EPOLLHUP)) events = LLMF_FD_READ | LLMF_FD_WRITE;
        if (!w) llmfi_watch_drain(watch);
        else if (events & w->events) llmfi_watch_found(watch, w, events);
        else (void)llmfi_watch_arm(watch, w); /* no longer wanted: now it would keep us awake */
    }
    return n == LLMFI_WATCH_BATCH;
}

/* ---- poll, WSAPoll ---- */

#elif LLMF_HAS_SOCKETS

static bool llmfi_watch_room(llmfi_watch *watch, size_t want) {
    size_t cap = want + want / 2 + 8;
    llmfi_watcher **owner;
    if (want <= watch->cap) return true;
    owner = (llmfi_watcher **)llmfi_heap_alloc(watch->heap, cap * (sizeof *owner + sizeof *watch->fds));
    if (!owner) return false;
    llmfi_heap_free(watch->heap, (void *)watch->owner);
    watch->owner = owner;
    watch->fds = (llmfi_pollfd *)(void *)(owner + cap);
    watch->cap = cap;
    return true;
}

LLMFI_UNUSED static bool llmfi_watch_init(llmfi_watch *watch, llmfi_heap *heap, size_t expected) {
#ifdef _WIN32
    WSADATA data;
#endif
    memset(watch, 0, sizeof *watch);
    watch->heap = heap;
    watch->wake_read = watch->wake_write = LLMFI_NO_FD;
#ifdef _WIN32
    if (WSAStartup(MAKEWORD(2, 2), &data)) return false; /* counted by the system; taken back at close */
    watch->started = true;
#endif
    return llmfi_watch_wake_open(watch) && llmfi_watch_room(watch, expected < 65536 ? expected + 1 : 65536);
}

LLMFI_UNUSED static void llmfi_watch_close(llmfi_watch *watch) {
    if (watch->wake_read != LLMFI_NO_FD) LLMFI_SYS_CLOSE(watch->wake_read);
    if (watch->wake_write != watch->wake_read) LLMFI_SYS_CLOSE(watch->wake_write);
    watch->wake_read = watch->wake_write = LLMFI_NO_FD;
    llmfi_heap_free(watch->heap, (void *)watch->owner);
    watch->fds = NULL;
    watch->owner = NULL;
    watch->cap = 0;
#ifdef _WIN32
    if (watch->started) WSACleanup();
    watch->started = false;
#endif
}

LLMFI_UNUSED static bool llmfi_watch_set(llmfi_watch *watch, llmfi_watcher *w, int events) {
    if (!w->linked && events && !llmfi_watch_room(watch, watch->count + 2)) return false;
    w->events = events;
    if (events) llmfi_watch_link(watch, w);
    return true;
}

LLMFI_UNUSED static void llmfi_watch_remove(llmfi_watch *watch, llmfi_watcher *w) {
    w->events = 0;
    llmfi_watch_unlink(watch, w);
    llmfi_watch_forget(watch, w);
}

LLMFI_UNUSED static size_t llmfi_watch_list(const llmfi_watch *watch, llmf_fd *out, size_t cap) {
    const llmfi_watcher *w;
    size_t n = 1;
    if (cap) {
        out[0].fd = watch->wake_read;
        out[0].events = LLMF_FD_READ;
    }
    for (w = watch->first; w; w = w->next) {
        if (!w->events) continue;
        if (n < cap) {
            out[n].fd = w->fd;
            out[n].events = w->events;
        }
        n++;
    }
    return n;
}

/* Lays the list out for poll: how many. */
static size_t llmfi_watch_lay(llmfi_watch *watch) {
    llmfi_watcher *w;
    size_t n = 1;
    watch->fds[0].fd = LLMFI_SYS_FD(watch->wake_read);
    watch->fds[0].events = POLLIN;
    watch->fds[0].revents = 0;
    for (w = watch->first; w; w = w->next) {
        if (!w->events) continue;
        watch->fds[n].fd = LLMFI_SYS_FD(w->fd);
        watch->fds[n].events = (short)((w->events & LLMF_FD_READ ? POLLIN : 0) | (w->events & LLMF_FD_WRITE ? POLLOUT : 0));
        watch->fds[n].revents = 0;
        watch->owner[n++] = w;
    }
    return n;
}

static bool llmfi_watch_collect(llmfi_watch *watch, int timeout_ms) {
    size_t n = llmfi_watch_lay(watch), i;
    int got = LLMFI_SYS_POLL(watch->fds, n, timeout_ms);
    watch->ready_at = watch->ready_len = 0;
    if (got > 0 && watch->fds[0].revents) llmfi_watch_drain(watch);
    for (i = 1; got > 0 && i < n && watch->ready_len < LLMFI_WATCH_BATCH; i++) {
        size_t at = 1 + (i - 1 + watch->turn) % (n - 1);
        int bits = watch->fds[at].revents;
        int events = (bits & POLLIN ? LLMF_FD_READ : 0) | (bits & POLLOUT ? LLMF_FD_WRITE : 0);
        if (bits & (POLLERR | POLLHUP | POLLNVAL)) events = LLMF_FD_READ | LLMF_FD_WRITE;
        if (events) llmfi_watch_found(watch, watch->owner[at], events);
    }
    if (watch->ready_len < LLMFI_WATCH_BATCH) return false;
    watch->turn += i - 1;
    return true;
}

/* ---- no descriptors at all ---- */

#else

LLMFI_UNUSED static bool llmfi_watch_init(llmfi_watch *watch, llmfi_heap *heap, size_t expected) {
    (void)expected;
    memset(watch, 0, sizeof *watch);
    watch->heap = heap;
    return true;
}
LLMFI_UNUSED static void llmfi_watch_close(llmfi_watch *watch) {
    (void)watch;
}
LLMFI_UNUSED static bool llmfi_watch_set(llmfi_watch *watch, llmfi_watcher *w, int events) {
    (void)watch, (void)w;
    return !events;
}
LLMFI_UNUSED static void llmfi_watch_remove(llmfi_watch *watch, llmfi_watcher *w) {
    llmfi_watch_unlink(watch, w);
    llmfi_watch_forget(watch, w);
}
LLMFI_UNUSED static size_t llmfi_watch_list(const llmfi_watch *watch, llmf_fd *out, size_t cap) {
    (void)watch, (void)out, (void)cap;
    return 0;
}
static bool llmfi_watch_collect(llmfi_watch *watch, int timeout_ms) {
    (void)timeout_ms; /* nothing to sleep on: the caller's loop is the clock */
    watch->ready_at = watch->ready_len = 0;
    return false;
}

#endif

/* ---- waiting ---- */

/* Serves what is known to be ready, until it is used up or stop says so. */
static int llmfi_watch_serve(llmfi_watch *watch, bool (*stop)(void *), void *arg) {
    int served = 0;
    while (!watch->stopped && watch->ready_at < watch->ready_len) {
        llmfi_ready r = watch->ready[watch->ready_at++];
        if (!r.w || !(r.events & r.w->events)) continue;
        r.w->ready(r.w, r.events & r.w->events);
        served++;
        watch->stopped = stop && stop(arg);
    }
    return served;
}

/* Waits at most timeout_ms (below 0: for ever) until something is ready, and serves what is; `stop` (NULL: never) is asked after each. Returns how
   many were served. May return 0 early: a signal, a wake-up, an event that nobody wanted any more. Not to be called from a watcher. */
LLMFI_UNUSED static int llmfi_watch_wait(llmfi_watch *watch, int timeout_ms, bool (*stop)(void *), void *arg) {
    size_t most = watch->count + LLMFI_WATCH_BATCH; /* those that are ready without end must not keep us for ever */
    int served;
    bool more = true;
    watch->stopped = false;
    served = llmfi_watch_serve(watch, stop, arg);
    if (served) timeout_ms = 0;
    while (more && !watch->stopped && (size_t)served < most) {
        more = llmfi_watch_collect(watch, timeout_ms);
        timeout_ms = 0;
        served += llmfi_watch_serve(watch, stop, arg);
    }
    return served;
}

#endif
