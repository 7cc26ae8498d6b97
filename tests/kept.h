/* Bytes of a factory's heap that calls use: all but what is kept of each model as long as the factory lives. After the header with its implementation. */
#ifndef TESTS_KEPT_H
#define TESTS_KEPT_H

static size_t used_by_calls(const llmf_factory *f) {
    size_t used = f->heap.used;
#if LLMFI_HAS_HEALTH
    const llmfi_health *h;
    for (h = f->health; h; h = h->next) {
        used -= llmfi_heap_size(&f->heap, h);
#if LLMF_HAS_RETRY
        if (h->window) used -= llmfi_heap_size(&f->heap, h->window);
#endif
    }
#endif
    return used;
}

#endif
