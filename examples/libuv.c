/* llmfactory in a libuv loop, beside a timer of the program's own.  ./libuv MODEL QUESTION
   A uv_poll_t watches the one descriptor that stands for all of llmfactory's on Linux, a uv_timer_t its deadline; both lead to the same place.
   (Elsewhere there are several, which come and go: there a timer that calls llmf_poll(f, 0) is simplest.) */
#define LLMFACTORY_IMPLEMENTATION
#include "llmfactory.h"
#include <stdio.h>
#include <uv.h>

typedef struct program {
    uv_loop_t loop;
    uv_poll_t llm;
    uv_timer_t deadline, heartbeat;
    llmf_factory *f;
    llmf_call call;
    int beats, status;
} program;

static bool fail(program *p, const char *text) {
    fprintf(stderr, "%s\n", text);
    p->status = 1;
    return false;
}

/* Without handles uv_run returns. */
static void end_loop(program *p) {
    uv_close((uv_handle_t *)&p->llm, NULL);
    uv_close((uv_handle_t *)&p->deadline, NULL);
    uv_close((uv_handle_t *)&p->heartbeat, NULL);
}

static void on_deadline(uv_timer_t *timer);

static void serve(program *p) {
    llmf_event ev;
    int64_t wait;
    llmf_poll(p->f, 0);
    while (llmf_next(p->f, p->call, &ev)) {
        if (ev.type == LLMF_EVENT_TEXT) fwrite(ev.text.ptr, 1, ev.text.len, stdout);
        if (ev.type == LLMF_EVENT_ERROR) fail(p, ev.response->error.text);
        if (!ev.response) continue;
        llmf_free(p->f, p->call);
        end_loop(p);
        return;
    }
    fflush(stdout);
    wait = llmf_deadline_ms(p->f);
    if (wait < 0) uv_timer_stop(&p->deadline);
    else uv_timer_start(&p->deadline, on_deadline, (uint64_t)wait, 0);
}

static void on_deadline(uv_timer_t *timer) {
    serve((program *)timer->data);
}

static void on_ready(uv_poll_t *poll, int status, int events) {
    (void)status, (void)events; /* what happened, llmf_poll finds out */
    serve((program *)poll->data);
}

static void on_heartbeat(uv_timer_t *timer) {
    ((program *)timer->data)->beats++; /* here the rest of the program lives */
}

static bool start_loop(program *p, int fd) {
    int bad = uv_loop_init(&p->loop);
    if (!bad) bad = uv_poll_init(&p->loop, &p->llm, fd);
    if (!bad) bad = uv_poll_start(&p->llm, UV_READABLE, on_ready);
    if (bad) return fail(p, uv_strerror(bad));
    uv_timer_init(&p->loop, &p->deadline);
    uv_timer_init(&p->loop, &p->heartbeat);
    p->llm.data = p->deadline.data = p->heartbeat.data = p;
    uv_timer_start(&p->heartbeat, on_heartbeat, 10, 10);
    uv_timer_start(&p->deadline, on_deadline, 0, 0); /* the call begins in the first llmf_poll */
    return true;
}

static bool start_call(program *p, const char *model, const char *question) {
    llmf_request req = {0};
    llmf_error err;
    llmf_model m = llmf_get(p->f, model, &err);
    if (!m.id) return fail(p, err.text);
    req.prompt = question;
    req.stream = true;
    p->call = llmf_start(p->f, m, &req);
    if (p->call.id) return true;
    llmf_last_error(p->f, &err);
    return fail(p, err.text);
}

int main(int argc, char **argv) {
    program p = {0};
    llmf_error err;
    llmf_fd fd;
    if (argc != 3) return fprintf(stderr, "usage: libuv MODEL QUESTION\n"), 2;
    p.f = llmf_open(NULL, &err);
    if (!p.f) return fail(&p, err.text), 1;
    if (llmf_fds(p.f, &fd, 1) != 1) {
        fail(&p, "this build of llmfactory has no epoll, which gives one descriptor for all");
    } else if (start_call(&p, argv[1], argv[2]) && start_loop(&p, (int)fd.fd)) {
        uv_run(&p.loop, UV_RUN_DEFAULT);
        uv_loop_close(&p.loop);
        printf("\n(%d heartbeats meanwhile)\n", p.beats);
    }
    llmf_close(p.f);
    return p.status;
}
