/* The heap against a model: what is handed out is aligned, whole, apart from each other, and all of it comes back as it was. */
#include "corpus.h"
#include "../../src/base/mem.h"

#define SIZE (1 << 16)
static union {
    char bytes[SIZE + 64];
    long double align; /* LLMFI_ALIGN where it matters */
} storage;
#define memory storage.bytes

typedef struct piece {
    unsigned char *ptr;
    size_t size;
    unsigned char mark;
} piece;

/* Every unit belongs to one piece, the free lists hold just the free ones, and no two free buddies stand side by side. */
static void check_heap(const llmfi_heap *h) {
    size_t unit = 0, used = 0, free_heads = 0, listed = 0;
    int order;
    while (unit < h->units) {
        unsigned state = h->state[unit];
        size_t i, count;
        assert_true((state & 0x7f) != 0);
        order = (int)(state & 0x7f) - 1;
        count = (size_t)1 << order;
        assert_true(unit % count == 0 && unit + count <= h->units);
        for (i = 1; i < count; i++) assert_int_equal(h->state[unit + i], 0);
        if (state & LLMFI_HEAP_FREE) {
            free_heads++;
            if (order + 1 < LLMFI_HEAP_ORDERS) assert_false(llmfi_heap_buddy_free(h, unit, order));
        } else {
            used += llmfi_piece_bytes(order);
        }
        unit += count;
    }
    assert_int_equal(used, h->used);
    assert_true(h->high >= h->used);
    for (order = 0; order < LLMFI_HEAP_ORDERS; order++) {
        const llmfi_piece *p, *prev = NULL;
        for (p = h->free[order]; p; prev = p, p = p->next) {
            assert_ptr_equal(p->prev, prev);
            assert_int_equal(h->state[(size_t)((const char *)p - h->base) / LLMF_HEAP_UNIT], LLMFI_HEAP_FREE | (unsigned)(order + 1));
            listed++;
        }
    }
    assert_int_equal(listed, free_heads);
}

static void fill(piece *p, unsigned char mark) {
    p->mark = mark;
    memset(p->ptr, mark, p->size);
}

static void check_piece(const piece *p, size_t size) {
    size_t i;
    for (i = 0; i < size; i++) assert_int_equal(p->ptr[i], p->mark);
}

/* Random allocations, growths and frees at every alignment of the block. */
static void run_model(llmfi_heap *h, uint64_t seed, int rounds) {
    piece pieces[64];
    size_t count = 0, i;
    for (; rounds; rounds--) {
        uint64_t r = corpus_random(&seed);
        size_t size = (size_t)(corpus_random(&seed) % (r % 10 == 0 ? 9000 : 400));
        if (count < LLMFI_COUNT(pieces) && r % 3 == 0) {
            piece p;
            p.ptr = (unsigned char *)llmfi_heap_alloc(h, size);
            p.size = size;
            if (!p.ptr) continue;
            assert_int_equal((uintptr_t)p.ptr % LLMFI_ALIGN, 0);
            assert_true(llmfi_heap_size(h, p.ptr) >= size);
            assert_true((char *)p.ptr >= h->base && (char *)p.ptr + llmfi_heap_size(h, p.ptr) <= h->base + h->units * LLMF_HEAP_UNIT);
            fill(&p, (unsigned char)r);
            pieces[count++] = p;
        } else if (count && r % 3 == 1) {
            piece *p = &pieces[r / 3 % count];
            unsigned char *to = (unsigned char *)llmfi_heap_resize(h, p->ptr, p->size, size);
            if (to) {
                p->ptr = to;
                check_piece(p, p->size < size ? p->size : size);
                p->size = size;
                fill(p, (unsigned char)(r >> 8));
            }
            check_piece(p, p->size);
        } else if (count) {
            i = (size_t)(r / 3 % count);
            check_piece(&pieces[i], pieces[i].size);
            llmfi_heap_free(h, pieces[i].ptr);
            pieces[i] = pieces[--count];
        }
        if (rounds % 16 == 0) check_heap(h);
    }
    for (i = 0; i < count; i++) {
        check_piece(&pieces[i], pieces[i].size);
        llmfi_heap_free(h, pieces[i].ptr);
    }
    check_heap(h);
    assert_int_equal(h->used, 0);
}

static void test_model(void **state) {
    size_t sizes[] = { SIZE, SIZE - 1, 40000, 12345, 4096, 1000, 200, 97, 96, 64, 10, 0 }, i, shift;
    llmfi_heap h;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(sizes); i++) {
        for (shift = 0; shift < 17; shift += 3) {
            llmfi_piece *lists[LLMFI_HEAP_ORDERS];
            size_t order, k, before[LLMFI_HEAP_ORDERS], after[LLMFI_HEAP_ORDERS];
            memset(memory, 'm', sizeof memory);
            llmfi_heap_init(&h, memory + shift, sizes[i]);
            check_heap(&h);
            for (order = 0; order < LLMFI_HEAP_ORDERS; order++)
                for (before[order] = 0, lists[order] = h.free[order]; lists[order]; lists[order] = lists[order]->next) before[order]++;
            run_model(&h, 77 + i + shift, 1500);
            for (order = 0; order < LLMFI_HEAP_ORDERS; order++)
                for (after[order] = 0, lists[order] = h.free[order]; lists[order]; lists[order] = lists[order]->next) after[order]++;
            assert_memory_equal(before, after, sizeof before); /* all buddies found each other again */
            for (k = 0; k < shift; k++) assert_int_equal(memory[k], 'm');
            for (k = shift + sizes[i]; k < sizeof memory; k++) assert_int_equal(memory[k], 'm');
        }
    }
}

static void test_limits(void **state) {
    llmfi_heap h;
    void *p, *q;
    (void)state;
    llmfi_heap_init(&h, memory, SIZE);
    assert_null(llmfi_heap_alloc(&h, (size_t)-1));
    assert_null(llmfi_heap_alloc(&h, (size_t)-1 / 2));
    assert_null(llmfi_heap_alloc(&h, (size_t)-1 / 4));
    assert_null(llmfi_heap_alloc(&h, SIZE));
    llmfi_heap_free(&h, NULL);
    p = llmfi_heap_alloc(&h, 0);
    q = llmfi_heap_alloc(&h, 0);
    assert_true(p && q && p != q);
    assert_null(llmfi_heap_resize(&h, p, 0, (size_t)-1));
    assert_int_equal(llmfi_heap_size(&h, p), LLMF_HEAP_UNIT);
    llmfi_heap_free(&h, p);
    llmfi_heap_free(&h, q);
    assert_int_equal(h.used, 0);
    assert_int_equal(h.high, 2 * LLMF_HEAP_UNIT);
}

/* A piece grows where it stands when its upper buddies are free, and moves when they are not. */
static void test_growth(void **state) {
    llmfi_heap h;
    char *p, *q, *to;
    (void)state;
    llmfi_heap_init(&h, memory, (LLMF_HEAP_UNIT + 1) * 256 + 2 * LLMFI_ALIGN); /* one piece of 256 units */
    assert_int_equal(h.units, 256);
    p = (char *)llmfi_heap_alloc(&h, 64);
    memset(p, 'p', 64);
    assert_ptr_equal(llmfi_heap_resize(&h, p, 64, 4096), p);
    assert_int_equal(llmfi_heap_size(&h, p), 4096);
    check_heap(&h);
    q = (char *)llmfi_heap_alloc(&h, 4096);
    assert_ptr_equal(q, p + 4096);
    to = (char *)llmfi_heap_resize(&h, p, 64, 8192);
    assert_ptr_equal(to, p + 8192);
    assert_int_equal(to[0], 'p');
    assert_int_equal(to[63], 'p');
    assert_int_equal(h.used, 8192 + 4096);
    check_heap(&h);
    llmfi_heap_free(&h, q);
    llmfi_heap_free(&h, to);
    check_heap(&h);
}

/* The Nth request is refused, alone or with all that follow, and growing counts as one. */
static void test_faults(void **state) {
    uint64_t nth;
    int on;
    (void)state;
    for (on = 0; on < 2; on++) {
        for (nth = 1; nth <= 8; nth++) {
            llmfi_heap h;
            char *p;
            int got = 0, i;
            llmfi_heap_init(&h, memory, SIZE);
            h.fail_at = nth;
            h.fail_on = on != 0;
            for (i = 1; i <= 4; i++) {
                uint64_t before = h.requests;
                p = (char *)llmfi_heap_alloc(&h, 64);
                assert_true(h.requests == before + 1);
                assert_int_equal(p == NULL, on ? before + 1 >= nth : before + 1 == nth);
                if (!p) continue;
                before = h.requests;
                got += llmfi_heap_resize(&h, p, 64, 64) == p;
                assert_true(h.requests == before);
                p[0] = 'x';
                {
                    char *to = (char *)llmfi_heap_resize(&h, p, 64, 200);
                    assert_true(h.requests == before + 1);
                    assert_int_equal(to == NULL, on ? before + 1 >= nth : before + 1 == nth);
                    if (to) p = to;
                    assert_int_equal(p[0], 'x');
                }
                check_heap(&h);
            }
            assert_true(got > 0 || nth == 1);
        }
    }
}

static void test_arena(void **state) {
    llmfi_heap h;
    llmfi_arena a;
    uint64_t seed = 4;
    char *all[200];
    size_t sizes[200], i, k, round;
    (void)state;
    llmfi_heap_init(&h, memory, SIZE);
    for (round = 0; round < 50; round++) {
        memset(memory, 'z', 64); /* dirty */
        llmfi_heap_init(&h, memory, SIZE);
        memset(h.base + sizeof(llmfi_piece), 'z', 1000);
        llmfi_arena_init(&a, &h, 0);
        for (i = 0; i < LLMFI_COUNT(all); i++) {
            sizes[i] = (size_t)(corpus_random(&seed) % 200);
            all[i] = (char *)llmfi_arena_alloc(&a, sizes[i]);
            assert_non_null(all[i]);
            assert_int_equal((uintptr_t)all[i] % LLMFI_ALIGN, 0);
            for (k = 0; k < sizes[i]; k++) assert_int_equal(all[i][k], 0);
            memset(all[i], (int)i, sizes[i]);
        }
        for (i = 0; i < LLMFI_COUNT(all); i++)
            for (k = 0; k < sizes[i]; k++) assert_int_equal((unsigned char)all[i][k], i);
        assert_int_equal(a.total, h.used);
        llmfi_arena_free(&a);
        assert_int_equal(h.used, 0);
        check_heap(&h);
    }
}

static void test_arena_limit(void **state) {
    llmfi_heap h;
    llmfi_arena a;
    size_t limit;
    (void)state;
    for (limit = 1; limit < 9000; limit += 61) {
        size_t got = 0;
        llmfi_heap_init(&h, memory, SIZE);
        llmfi_arena_init(&a, &h, limit);
        while (llmfi_arena_alloc(&a, 100)) {
            got += 112;
            assert_true(a.total <= limit); /* what is taken from the heap, not only what was asked for */
            assert_true(h.used <= limit);
        }
        assert_true(a.failed);
        if (limit >= 1024) assert_true(got * 2 >= limit - 1024); /* half of what remains is used in the end */
        llmfi_arena_free(&a);
        assert_false(a.failed);
        assert_int_equal(h.used, 0);
    }
    llmfi_heap_init(&h, memory, SIZE);
    llmfi_arena_init(&a, &h, 0);
    assert_null(llmfi_arena_alloc(&a, (size_t)-1));
    assert_null(llmfi_arena_array(&a, (size_t)-1 / 2, 16));
    assert_true(a.failed);
    a.failed = false;
    assert_int_equal(llmfi_arena_copy(&a, llmfi_str("x", (size_t)-1)).len, 0);
    assert_true(a.failed);
    a.failed = false;
    assert_string_equal(llmfi_arena_copy(&a, LLMFI_LIT("text")).ptr, "text");
    assert_int_equal(llmfi_arena_copy(&a, LLMFI_LIT("")).ptr[0], 0);
    assert_false(a.failed);
    llmfi_arena_free(&a);
}

static void test_buffer(void **state) {
    llmfi_heap h;
    llmfi_buf b;
    size_t i;
    char *model = (char *)malloc(20000);
    size_t len = 0;
    uint64_t seed = 8;
    (void)state;
    assert_non_null(model);
    llmfi_heap_init(&h, memory, SIZE);
    llmfi_buf_init(&b, &h, 0);
    assert_true(llmfi_buf_add(&b, NULL, 0));
    assert_string_equal(llmfi_buf_str(&b).ptr, "");
    for (i = 0; i < 3000; i++) {
        char bytes[90];
        size_t n = (size_t)(corpus_random(&seed) % sizeof bytes), k;
        for (k = 0; k < n; k++) bytes[k] = (char)corpus_random(&seed);
        if (len + n < 16000) {
            assert_true(llmfi_buf_add(&b, bytes, n));
            if (n) memcpy(model + len, bytes, n);
            len += n;
        } else {
            size_t drop = (size_t)(corpus_random(&seed) % (len + 10));
            llmfi_buf_drop(&b, drop);
            if (drop > len) drop = len;
            memmove(model, model + drop, len - drop);
            len -= drop;
        }
        assert_int_equal(b.len, len);
        assert_memory_equal(llmfi_buf_str(&b).ptr, model, len);
    }
    llmfi_buf_free(&b);
    assert_int_equal(h.used, 0);
    free(model);
}

static void test_buffer_limit(void **state) {
    llmfi_heap h;
    llmfi_buf b;
    size_t limit, i;
    (void)state;
    for (limit = 1; limit < 300; limit++) {
        llmfi_heap_init(&h, memory, SIZE);
        llmfi_buf_init(&b, &h, limit);
        for (i = 0; i < limit; i++) assert_true(llmfi_buf_add(&b, "x", 1));
        assert_false(llmfi_buf_add(&b, "x", 1)); /* also where the piece would have room for it */
        assert_int_equal(b.len, limit);
        llmfi_buf_free(&b);
    }
    llmfi_buf_init(&b, &h, 0);
    assert_false(llmfi_buf_reserve(&b, SIZE));
    assert_false(llmfi_buf_reserve(&b, (size_t)-1));
    h.fail_at = h.requests + 2;
    assert_true(llmfi_buf_add(&b, "keep", 4));
    assert_false(llmfi_buf_reserve(&b, 1000));
    assert_true(llmfi_eq(llmfi_buf_str(&b), LLMFI_LIT("keep")));
    assert_true(llmfi_buf_reserve(&b, 1000));
    llmfi_buf_free(&b);
    assert_int_equal(h.used, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_model), cmocka_unit_test(test_limits), cmocka_unit_test(test_growth), cmocka_unit_test(test_faults),
        cmocka_unit_test(test_arena), cmocka_unit_test(test_arena_limit), cmocka_unit_test(test_buffer), cmocka_unit_test(test_buffer_limit) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
