/* llmfactory in an epoll loop that a program has already, beside its timer and its input (Linux).  ./epoll MODEL, then a question a line
   Many answers may be under way at once; each is printed when it is whole. Nothing waits but epoll_wait. */
#define LLMFACTORY_IMPLEMENTATION
#include "llmfactory.h"
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 4096, EVENTS = 8 };

typedef struct program {
    int epoll, timer;
    llmf_factory *f;
    llmf_model model;
    int under_way, answers, failed;
    bool input_ended;
    char line[LINE_MAX_BYTES];     /* what has been read of the next question */
    size_t line_len;
} program;

static bool watch(const program *p, int fd) {
    struct epoll_event e = {0};
    e.events = EPOLLIN;
    e.data.fd = fd;
    return epoll_ctl(p->epoll, EPOLL_CTL_ADD, fd, &e) == 0;
}

/* ---- llmfactory ---- */

static void ask(program *p, const char *question, size_t len) {
    llmf_request req = {0};
    llmf_error err;
    req.prompt = question;
    req.prompt_len = len;
    if (llmf_start(p->f, p->model, &req).id) {
        p->under_way++;
    } else {
        llmf_last_error(p->f, &err);
        fprintf(stderr, "%s\n", err.text);
        p->failed++;
    }
}

/* Only when its descriptor is ready or its deadline has come: it takes what is there and returns. */
static void serve(program *p) {
    llmf_event ev;
    llmf_poll(p->f, 0);
    while (llmf_next_any(p->f, &ev)) {
        if (!ev.response) continue; /* not the final event: what it tells comes again in the response */
        if (ev.type == LLMF_EVENT_DONE) {
            printf("%.*s\n", (int)ev.response->text.len, ev.response->text.ptr);
            p->answers++;
        } else {
            fprintf(stderr, "%s\n", ev.response->error.text);
            p->failed++;
        }
        fflush(stdout);
        llmf_free(p->f, ev.call);
        p->under_way--;
    }
}

/* ---- what the program does besides ---- */

/* One read() when epoll says that there is something: it does not block. A line that is too long becomes two questions. */
static void on_input(program *p) {
    ssize_t got = read(STDIN_FILENO, p->line + p->line_len, sizeof p->line - p->line_len);
    if (got > 0) p->line_len += (size_t)got;
    while (p->line_len) {
        const char *end = memchr(p->line, '\n', p->line_len);
        size_t len = end ? (size_t)(end - p->line) : p->line_len, used = end ? len + 1 : len;
        if (!end && got > 0 && len < sizeof p->line) break; /* the rest of the line is still to come */
        if (len) ask(p, p->line, len);
        p->line_len -= used;
        memmove(p->line, p->line + used, p->line_len);
    }
    if (got > 0) return;
    epoll_ctl(p->epoll, EPOLL_CTL_DEL, STDIN_FILENO, NULL);
    p->input_ended = true;
}

static void on_timer(const program *p) {
    uint64_t ticks;
    if (read(p->timer, &ticks, sizeof ticks) == (ssize_t)sizeof ticks && p->under_way) fprintf(stderr, "(%d under way)\n", p->under_way);
}

static void loop(program *p) {
    struct epoll_event ready[EVENTS];
    while (!p->input_ended || p->under_way) {
        int64_t wait = llmf_deadline_ms(p->f); /* -1: for ever, in epoll_wait's words too */
        int n = epoll_wait(p->epoll, ready, EVENTS, wait > INT_MAX ? INT_MAX : (int)wait), i;
        bool llm = false;
        for (i = 0; i < n; i++) {
            if (ready[i].data.fd == STDIN_FILENO) on_input(p);
            else if (ready[i].data.fd == p->timer) on_timer(p);
            else llm = true;
        }
        if (llm || llmf_deadline_ms(p->f) == 0) serve(p);
    }
}

static bool open_all(program *p, const char *model) {
    const struct itimerspec each_second = {{1, 0}, {1, 0}};
    llmf_error err;
    llmf_fd fd;
    p->f = llmf_open(NULL, &err);
    if (p->f) p->model = llmf_get(p->f, model, &err);
    if (!p->model.id) return fprintf(stderr, "%s\n", err.text), false;
    if (llmf_fds(p->f, &fd, 1) != 1) return fprintf(stderr, "this build of llmfactory has no epoll, which gives one descriptor for all\n"), false;
    p->epoll = epoll_create1(EPOLL_CLOEXEC);
    p->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (p->epoll < 0 || p->timer < 0 || timerfd_settime(p->timer, 0, &each_second, NULL)) return perror("epoll, timerfd"), false;
    if (!watch(p, (int)fd.fd) || !watch(p, p->timer)) return perror("epoll_ctl"), false;
    if (!watch(p, STDIN_FILENO)) return fprintf(stderr, "the input must be a terminal or a pipe: epoll takes no files\n"), false;
    return true;
}

int main(int argc, char **argv) {
    program p = {0};
    p.epoll = p.timer = -1;
    if (open_all(&p, argc > 1 ? argv[1] : NULL)) {
        loop(&p);
        fprintf(stderr, "%d answers, %d failed\n", p.answers, p.failed);
    } else {
        p.failed = 1;
    }
    llmf_close(p.f);
    if (p.timer >= 0) close(p.timer);
    if (p.epoll >= 0) close(p.epoll);
    return p.failed ? 1 : 0;
}
