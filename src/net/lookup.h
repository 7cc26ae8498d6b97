/* Look-ups by getaddrinfo in threads of their own, so that no llmf_poll waits for DNS. It cannot be cancelled: a thread may outlive the factory that asked. So what
   both of them touch is neither's but the last one's, and comes from malloc. Nobody waits for a thread; a call asks again until the answer is there.

   An answer is kept for a second, for all calls to the same host that begin at once. */
#ifndef LLMFI_NET_LOOKUP_H
#define LLMFI_NET_LOOKUP_H
#include "addresses.h"

#if LLMF_HAS_DNS_THREADS
#include <stdlib.h>
#ifndef _WIN32
#include <pthread.h>
#include <signal.h>
#endif

/* Bytes of a host's name, NUL included; RFC 1035 has 255. */
#define LLMFI_LOOKUP_HOST 256
#define LLMFI_LOOKUP_NS UINT64_C(1000000000)

#ifdef _WIN32
typedef CRITICAL_SECTION llmfi_lock;
#define LLMFI_LOCK(lock) EnterCriticalSection(lock)
#define LLMFI_UNLOCK(lock) LeaveCriticalSection(lock)
#else
typedef pthread_mutex_t llmfi_lock;
#define LLMFI_LOCK(lock) (void)pthread_mutex_lock(lock)
#define LLMFI_UNLOCK(lock) (void)pthread_mutex_unlock(lock)
#endif

typedef struct llmfi_lookup {
    struct llmfi_lookups *all;
    char host[LLMFI_LOOKUP_HOST];            /* "": never used */
    bool running;                            /* a thread has it */
    uint64_t asked_ns;                       /* when somebody asked last: calls that wait do so in each poll */
    uint64_t since_ns;                       /* when the answer was given first; 0: it is not there, or nobody has had it */
    llmfi_addresses found;                   /* without a port */
} llmfi_lookup;

typedef struct llmfi_lookups {
    llmfi_lock lock;                         /* of all that follows */
    llmfi_watch *watch;                      /* the factory's; NULL: it is closed, and the last thread frees this */
    unsigned running;
    llmfi_lookup list[LLMF_MAX_LOOKUPS];
} llmfi_lookups;

static void llmfi_lookups_free(llmfi_lookups *all) {
#ifdef _WIN32
    DeleteCriticalSection(&all->lock);
#else
    (void)pthread_mutex_destroy(&all->lock);
#endif
    free(all);
}

/* NULL: no memory. */
static llmfi_lookups *llmfi_lookups_new(llmfi_watch *watch) {
    llmfi_lookups *all = (llmfi_lookups *)malloc(sizeof *all);
    size_t i;
    if (!all) return NULL;
    memset(all, 0, sizeof *all);
    all->watch = watch;
    for (i = 0; i < LLMF_MAX_LOOKUPS; i++) all->list[i].all = all;
#ifdef _WIN32
    InitializeCriticalSection(&all->lock);
#else
    if (pthread_mutex_init(&all->lock, NULL)) {
        free(all);
        return NULL;
    }
#endif
    return all;
}

/* ---- a thread's life ---- */

static void llmfi_lookup_run(llmfi_lookup *l) {
    llmfi_lookups *all = l->all;
    llmfi_addresses found;
    bool last;
    memset(&found, 0, sizeof found);
    (void)llmfi_resolve_system(l->host, 0, &found);
    LLMFI_LOCK(&all->lock);
    l->found = found;
    l->running = false;
    all->running--;
    if (all->watch) llmfi_watch_wake(all->watch); /* it cannot be closed meanwhile */
    last = !all->watch && !all->running;
    LLMFI_UNLOCK(&all->lock);
    if (last) llmfi_lookups_free(all);
}

#ifdef _WIN32
static DWORD WINAPI llmfi_lookup_thread(LPVOID l) {
    WSADATA data; /* the factory's own may be given back while this runs */
    bool started = !WSAStartup(MAKEWORD(2, 2), &data);
    llmfi_lookup_run((llmfi_lookup *)l);
    if (started) WSACleanup();
    return 0;
}

static bool llmfi_lookup_spawn(llmfi_lookup *l) {
    HANDLE thread = CreateThread(NULL, 0, llmfi_lookup_thread, l, 0, NULL);
    if (thread) CloseHandle(thread);
    return thread != NULL;
}
#else
static void *llmfi_lookup_thread(void *l) {
    llmfi_lookup_run((llmfi_lookup *)l);
    return NULL;
}

/* Signals are for the program's own threads. */
static bool llmfi_lookup_spawn(llmfi_lookup *l) {
    pthread_t thread;
    sigset_t all, before;
    bool ok;
    sigfillset(&all);
    if (pthread_sigmask(SIG_SETMASK, &all, &before)) return false;
    ok = !pthread_create(&thread, NULL, llmfi_lookup_thread, l);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (ok) (void)pthread_detach(thread);
    return ok;
}
#endif

/* ---- asking: the factory's thread ---- */

/* With the lock held. Where there is no thread to be had, the place stays free for the next poll. */
static void llmfi_lookup_begin(llmfi_lookup *l) {
    l->since_ns = 0;
    l->running = llmfi_lookup_spawn(l);
    if (l->running) l->all->running++;
    else l->host[0] = '\0';
}

/* Nobody needs the answer any more: those who asked have had it, or have gone. */
static bool llmfi_lookup_is_over(const llmfi_lookup *l, uint64_t now) {
    return !l->running && (!l->host[0] || l->since_ns || now - l->asked_ns > LLMFI_LOOKUP_NS);
}

/* The host's; NULL: all places are taken. */
static llmfi_lookup *llmfi_lookup_of(llmfi_lookups *all, const char *host, uint64_t now) {
    llmfi_lookup *l;
    size_t i;
    for (i = 0; i < LLMF_MAX_LOOKUPS; i++) {
        l = &all->list[i];
        if (llmfi_strcmp(l->host, host) != 0) continue;
        if (l->since_ns && now - l->since_ns > LLMFI_LOOKUP_NS) llmfi_lookup_begin(l);
        return l;
    }
    for (i = 0; i < LLMF_MAX_LOOKUPS; i++) {
        l = &all->list[i];
        if (!llmfi_lookup_is_over(l, now)) continue;
        memcpy(l->host, host, llmfi_strlen(host) + 1);
        llmfi_lookup_begin(l);
        return l;
    }
    return NULL;
}

/* How many addresses into out; 0: there is no such host; -1: not yet, ask again. */
static int llmfi_lookup_ask(llmfi_net *net, const char *host, int port, llmfi_addresses *out) {
    uint64_t now = net->now_ns(net);
    llmfi_lookup *l;
    int i;
    if (llmfi_strlen(host) >= LLMFI_LOOKUP_HOST) return 0;
    if (!net->lookups) net->lookups = llmfi_lookups_new(net->watch);
    if (!net->lookups) return -1;
    LLMFI_LOCK(&net->lookups->lock);
    l = llmfi_lookup_of(net->lookups, host, now);
    if (l) l->asked_ns = now;
    if (l && (l->running || !l->host[0])) l = NULL;
    if (l && !l->since_ns) l->since_ns = now;
    if (l) *out = l->found;
    LLMFI_UNLOCK(&net->lookups->lock);
    if (!l) return -1;
    for (i = 0; i < out->count; i++) llmfi_address_set_port(&out->list[i], port);
    return out->count;
}

/* The factory closes. Threads that still run end by themselves. */
LLMFI_UNUSED static void llmfi_lookups_close(llmfi_net *net) {
    llmfi_lookups *all = net->lookups;
    bool last;
    if (!all) return;
    net->lookups = NULL;
    LLMFI_LOCK(&all->lock);
    all->watch = NULL;
    last = !all->running;
    LLMFI_UNLOCK(&all->lock);
    if (last) llmfi_lookups_free(all);
}

#endif
#endif
