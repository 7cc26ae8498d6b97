/* A 60 Hz loop that never waits for the answer: the scene goes on, the words appear as they come.  ./frames MODEL */
#define LLMFACTORY_IMPLEMENTATION
#include "llmfactory.h"
#include <stdio.h>
#include <time.h>

static double now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void sleep_until(double ms) {
    double left = ms - now_ms();
    struct timespec t;
    if (left <= 0) return;
    t.tv_sec = (time_t)(left / 1e3);
    t.tv_nsec = (long)((left - (double)t.tv_sec * 1e3) * 1e6);
    nanosleep(&t, NULL);
}

int main(int argc, char **argv) {
    llmf_desc desc = {0};
    llmf_request req = {0};
    llmf_error err;
    llmf_event ev;
    llmf_factory *f;
    llmf_model m;
    llmf_call c;
    double next = now_ms(), worst = 0;
    int frames = 0, status = 1;
    bool running = true;
    desc.slice_us = 1000; /* of the 16.7 ms of a frame at most one is ours */
    f = llmf_open(&desc, &err);
    m = llmf_get(f, argc > 1 ? argv[1] : NULL, &err);
    if (!m.id) return fprintf(stderr, "%s\n", err.text), 1;
    req.prompt = "Greet the traveller.";
    req.stream = true;
    c = llmf_start(f, m, &req);
    while (running) {
        double before = now_ms(), took;
        llmf_poll(f, 0);
        while (llmf_next(f, c, &ev)) {
            if (ev.type == LLMF_EVENT_TEXT) fwrite(ev.text.ptr, 1, ev.text.len, stdout);
            if (ev.type == LLMF_EVENT_ERROR) fprintf(stderr, "%s\n", ev.response->error.text);
            if (ev.type == LLMF_EVENT_DONE) status = 0;
            if (ev.response) running = false;
        }
        fflush(stdout);
        took = now_ms() - before;
        if (took > worst) worst = took;
        frames++; /* here the scene would be drawn */
        next += 1000.0 / 60;
        sleep_until(next);
    }
    printf("\n%d frames, longest time spent on the answer in one of them: %.2f ms\n", frames, worst);
    llmf_free(f, c);
    llmf_close(f);
    return status;
}
