/* bench_handle.c [ROUNDS] - a handle by name against a plain C hash look-up of the same keys: same number of keys and of buckets, same hash (FNV-1a),
 * same comparison, both called through a pointer. Nanoseconds a look-up, medians of rounds taken in turn:
 *   hash   the plain table, another key each time        get     llmf_get, another key each time
 *   same   the plain table, one key all the time         again   llmf_get, one key all the time
 * usage for counting instructions: bench_handle LOOP WHICH   does LOOP times all keys with `hash` or `get` only, or the first with `same` or `again` */
#define LLMFACTORY_IMPLEMENTATION
#include "llmfactory.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { KEYS = 64, BUCKETS = 256, TIMES = 4000, MOST_ROUNDS = 99 };
typedef struct entry { const char *key; size_t len; uint64_t value; struct entry *next; } entry;
static entry entries[KEYS], *buckets[BUCKETS];
static char keys[KEYS][32];
static llmf_factory *F;

static uint32_t hash_of(const char *key, size_t len) {
    uint32_t h = 2166136261u;
    size_t i;
    for (i = 0; i < len; i++) h = (h ^ (unsigned char)key[i]) * 16777619u;
    return h;
}
static void hash_put(entry *e, const char *key, uint64_t value) {
    e->key = key;
    e->len = strlen(key);
    e->value = value;
    e->next = buckets[hash_of(key, e->len) % BUCKETS];
    buckets[hash_of(key, e->len) % BUCKETS] = e;
}
static uint64_t hash_get(const char *key) {
    size_t len = strlen(key);
    const entry *e = buckets[hash_of(key, len) % BUCKETS];
    while (e && (e->len != len || memcmp(e->key, key, len) != 0)) e = e->next;
    return e ? e->value : 0;
}
static uint64_t llmf_get_id(const char *key) {
    return llmf_get(F, key, NULL).id;
}

typedef uint64_t (*look_up)(const char *key);
static uint64_t sum;
static void turn(look_up volatile *f, int step, long times) {
    long i;
    int k;
    for (i = 0; i < times; i++)
        for (k = 0; k < KEYS; k++) sum += (*f)(keys[k * step]);
}
static double cpu_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t); /* other programs may take the CPU meanwhile */
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}
static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}
int main(int argc, char **argv) {
    static const char *const names[4] = {"hash", "get", "same", "again"};
    look_up volatile f[2] = {hash_get, llmf_get_id};
    static double ns[4][MOST_ROUNDS];
    long rounds = argc > 1 ? atol(argv[1]) : 7, r;
    llmf_error err;
    llmf_desc d;
    int k;
    memset(&d, 0, sizeof d);
    d.no_env = true;
    F = llmf_open(&d, &err);
    for (k = 0; F && k < KEYS; k++) {
        snprintf(keys[k], sizeof keys[k], "openai:bench-model-%02d", k);
        if (!llmf_get(F, keys[k], &err).id) break;
        hash_put(&entries[k], keys[k], llmf_get(F, keys[k], &err).id);
        if (hash_get(keys[k]) != llmf_get_id(keys[k])) break;
    }
    if (!F || k < KEYS) {
        fprintf(stderr, "bench_handle: %s\n", err.text);
        return 1;
    }
    if (argc > 2) {
        for (k = 0; k < 4; k++)
            if (!strcmp(argv[2], names[k])) turn(&f[k % 2], k < 2, rounds);
        llmf_close(F);
        return sum == 1;
    }
    if (rounds < 1 || rounds > MOST_ROUNDS) return 2;
    for (k = 0; k < 4; k++) turn(&f[k % 2], k < 2, TIMES / 4);
    for (r = 0; r < rounds; r++)
        for (k = 0; k < 4; k++) {
            double t = cpu_ns();
            turn(&f[k % 2], k < 2, TIMES);
            ns[k][r] = (cpu_ns() - t) / ((double)TIMES * KEYS);
        }
    for (k = 0; k < 4; k++) qsort(ns[k], (size_t)rounds, sizeof ns[k][0], by_size);
    printf("{\"hash\":%.2f,\"get\":%.2f,\"same\":%.2f,\"again\":%.2f,\"sum\":%" PRIu64 "}\n", ns[0][rounds / 2], ns[1][rounds / 2], ns[2][rounds / 2], ns[3][rounds / 2], sum);
    llmf_close(F);
    return 0;
}
