/* What the engine's tests share: the product with its implementation, a world of hooks (clock, environment, log), text that grows, and what a call
   has given. A test that counts allocations includes alloc.h before this. */
#ifndef ENGINE_KIT_H
#define ENGINE_KIT_H
#define LLMFACTORY_IMPLEMENTATION
#ifdef KIT_COUNT_OURS              /* each place where the library itself asks the C library for memory is counted in kit_ours */
#include "../../src/system.h"
#include <stdlib.h>
#include <string.h>
static unsigned long kit_ours;
#define malloc(size) (kit_ours++, malloc(size))
#define calloc(count, size) (kit_ours++, calloc(count, size))
#define realloc(old, size) (kit_ours++, realloc(old, size))
#define strdup(text) (kit_ours++, strdup(text))
#endif
#include "../../llmfactory.h"
#include "../kept.h"
#ifdef KIT_COUNT_OURS
#undef malloc
#undef calloc
#undef realloc
#undef strdup
#endif
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#define KIT_UNUSED __attribute__((unused))
#define KIT_COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- text ---- */

typedef struct kit_text {
    char *ptr;                     /* NUL behind it; NULL while it is empty and never was anything else */
    size_t len, cap;
} kit_text;

static void kit_add(kit_text *t, const char *bytes, size_t len) {
    if (t->len + len + 1 > t->cap) {
        t->cap = (t->len + len + 1) * 2;
        t->ptr = (char *)realloc(t->ptr, t->cap);
        if (!t->ptr) abort();
    }
    if (len) memcpy(t->ptr + t->len, bytes, len);
    t->len += len;
    t->ptr[t->len] = '\0';
}

static void kit_adds(kit_text *t, const char *text) {
    kit_add(t, text, strlen(text));
}

KIT_UNUSED static void kit_addf(kit_text *t, const char *format, ...) {
    char line[8192];
    va_list ap;
    va_start(ap, format);
    vsnprintf(line, sizeof line, format, ap);
    va_end(ap);
    kit_adds(t, line);
}

KIT_UNUSED static void kit_drop(kit_text *t) {
    free(t->ptr);
    memset(t, 0, sizeof *t);
}

KIT_UNUSED static const char *kit_cstr(const kit_text *t) {
    return t->ptr ? t->ptr : "";
}

KIT_UNUSED static llmf_str kit_str(const char *text) {
    llmf_str s;
    s.ptr = text;
    s.len = strlen(text);
    return s;
}

KIT_UNUSED static bool kit_is(llmf_str s, const char *text) {
    return s.len == strlen(text) && memcmp(s.ptr, text, s.len) == 0;
}

/* True when `part` stands somewhere in it. */
KIT_UNUSED static bool kit_has(const char *text, const char *part) {
    return strstr(text, part) != NULL;
}

/* xorshift64*: the same everywhere. */
KIT_UNUSED static uint64_t kit_random(uint64_t *state) {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(2685821657736338717);
}

KIT_UNUSED static double kit_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- the hooks ---- */

typedef struct kit_world {
    uint64_t now, step;            /* nanoseconds; each reading of the clock moves it by `step` */
    uint64_t readings;
    const char *const *env;        /* name, value, name, value, ..., NULL */
    kit_text log;                  /* one line a message */
    int blocks, released;          /* of the allocator hook */
} kit_world;

KIT_UNUSED static uint64_t kit_clock(void *user) {
    kit_world *w = (kit_world *)user;
    w->readings++;
    return w->now += w->step;
}

KIT_UNUSED static const char *kit_getenv(void *user, const char *name) {
    const char *const *at = ((kit_world *)user)->env;
    for (; at && *at; at += 2)
        if (strcmp(at[0], name) == 0) return at[1];
    return NULL;
}

KIT_UNUSED static void kit_log(void *user, int level, int id, llmf_str text) {
    kit_world *w = (kit_world *)user;
    (void)level, (void)id;
    kit_add(&w->log, text.ptr, text.len);
    kit_adds(&w->log, "\n");
}

KIT_UNUSED static void *kit_alloc(void *user, void *ptr, size_t old_size, size_t size) {
    kit_world *w = (kit_world *)user;
    (void)old_size;
    if (size) {
        w->blocks++;
        return malloc(size);
    }
    w->released++;
    free(ptr);
    return NULL;
}

/* A description that looks at nothing outside of the test: its own clock, environment and log. */
KIT_UNUSED static llmf_desc kit_desc(kit_world *w) {
    llmf_desc d;
    memset(w, 0, sizeof *w);
    memset(&d, 0, sizeof d);
    w->now = UINT64_C(1000000000000);
    d.clock_ns = kit_clock;
    d.getenv_fn = kit_getenv;
    d.log = kit_log;
    d.log_level = LLMF_LOG_DEBUG;
    d.retry.max_retries = -1;      /* a failure is told as it comes; retry.c is about the rest */
    d.user = w;
    return d;
}

/* ---- what a call gives ---- */

typedef struct kit_seen {
    kit_text log;                  /* one line an event, final one left out */
    kit_text text, reasoning, args;
    int events, finals, code, finish;
    char error[512];
    llmf_response response;        /* views: until the call is freed */
} kit_seen;

KIT_UNUSED static void kit_see(kit_seen *s, const llmf_event *ev) {
    static const char *const names[] = {"?", "text", "reasoning", "refusal", "tool_start", "tool_delta", "tool_call", "usage", "done", "error", "step", "tool_result"};
    s->events++;
    if (ev->type == LLMF_EVENT_DONE || ev->type == LLMF_EVENT_ERROR) {
        s->finals++;
        s->response = *ev->response;
        s->code = ev->response->error.code;
        s->finish = ev->response->finish;
        snprintf(s->error, sizeof s->error, "%s", ev->response->error.text);
        return;
    }
    kit_addf(&s->log, "%s", names[ev->type]);
    if ((ev->type >= LLMF_EVENT_TOOL_START && ev->type <= LLMF_EVENT_TOOL_CALL) || ev->type >= LLMF_EVENT_STEP) kit_addf(&s->log, " %d", ev->index);
    if (ev->tool) {
        kit_adds(&s->log, " ");
        kit_add(&s->log, ev->tool->id.ptr, ev->tool->id.len);
        kit_adds(&s->log, " ");
        kit_add(&s->log, ev->tool->name.ptr, ev->tool->name.len);
    }
    if (ev->type == LLMF_EVENT_TOOL_CALL) {
        kit_adds(&s->log, ev->tool->invalid ? " invalid " : " ");
        kit_add(&s->log, ev->tool->arguments.ptr, ev->tool->arguments.len);
    }
    if (ev->text.len) {
        kit_adds(&s->log, " ");
        kit_add(&s->log, ev->text.ptr, ev->text.len);
    }
    kit_adds(&s->log, "\n");
    if (ev->type == LLMF_EVENT_TEXT) kit_add(&s->text, ev->text.ptr, ev->text.len);
    if (ev->type == LLMF_EVENT_REASONING) kit_add(&s->reasoning, ev->text.ptr, ev->text.len);
    if (ev->type == LLMF_EVENT_TOOL_DELTA) kit_add(&s->args, ev->text.ptr, ev->text.len);
}

KIT_UNUSED static void kit_forget(kit_seen *s) {
    kit_drop(&s->log);
    kit_drop(&s->text);
    kit_drop(&s->reasoning);
    kit_drop(&s->args);
    memset(s, 0, sizeof *s);
}

KIT_UNUSED static int kit_on_event(void *user, const llmf_event *ev) {
    kit_see((kit_seen *)user, ev);
    return LLMF_CONTINUE;
}

KIT_UNUSED static void kit_take(llmf_factory *f, llmf_call c, kit_seen *s) {
    llmf_event ev;
    while (llmf_next(f, c, &ev)) kit_see(s, &ev);
}

/* Polls until the call has given its final event, at most `seconds` of real time. */
KIT_UNUSED static bool kit_run(llmf_factory *f, llmf_call c, kit_seen *s, double seconds) {
    double until = kit_seconds() + seconds;
    kit_take(f, c, s);
    while (!s->finals && kit_seconds() < until) {
        llmf_poll(f, f->desc.clock_ns ? 0 : 100); /* a clock of the test's stands still while one waits */
        kit_take(f, c, s);
    }
    return s->finals == 1;
}

/* ---- recordings ---- */

#define KIT_CHUNK(delta) "data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"model\":\"m-1\",\"choices\":[{\"index\":0,\"delta\":" delta ",\"finish_reason\":null}]}\n\n"
#define KIT_FINISH(reason) "data: {\"id\":\"c1\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"" reason "\"}]}\n\n"
#define KIT_USAGE "data: {\"id\":\"c1\",\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":4,\"total_tokens\":13}}\n\n"
#define KIT_DONE "data: [DONE]\n\n"
/* A story in six pieces, and the same with reasoning and a tool call. */
#define KIT_STORY KIT_CHUNK("{\"role\":\"assistant\",\"content\":\"\"}") KIT_CHUNK("{\"content\":\"Once\"}") KIT_CHUNK("{\"content\":\" upon\"}") \
    KIT_CHUNK("{\"content\":\" a\"}") KIT_CHUNK("{\"content\":\" time\"}") KIT_CHUNK("{\"content\":\", \\u00e9t\\u00e9\"}") KIT_CHUNK("{\"content\":\".\"}") \
    KIT_FINISH("stop") KIT_USAGE KIT_DONE
#define KIT_STORY_TEXT "Once upon a time, \xc3\xa9t\xc3\xa9."
#define KIT_TOOLS KIT_CHUNK("{\"role\":\"assistant\",\"reasoning_content\":\"Think\"}") KIT_CHUNK("{\"reasoning_content\":\" hard\"}") KIT_CHUNK("{\"content\":\"I look.\"}") \
    KIT_CHUNK("{\"tool_calls\":[{\"index\":0,\"id\":\"call_a\",\"type\":\"function\",\"function\":{\"name\":\"look\",\"arguments\":\"\"}}]}") \
    KIT_CHUNK("{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{\\\"at\\\"\"}}]}") KIT_CHUNK("{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\":[1,2]}\"}}]}") \
    KIT_CHUNK("{\"tool_calls\":[{\"index\":1,\"id\":\"call_b\",\"type\":\"function\",\"function\":{\"name\":\"go\",\"arguments\":\"{}\"}}]}") \
    KIT_FINISH("tool_calls") KIT_USAGE KIT_DONE

KIT_UNUSED static llmf_recording kit_recording(int status, const char *body) {
    llmf_recording r;
    memset(&r, 0, sizeof r);
    r.status = status;
    r.body = kit_str(body);
    return r;
}

/* A stream of Chat Completions with `n` pieces of text "0 1 2 ...", each its own event. */
KIT_UNUSED static void kit_counting(kit_text *body, kit_text *text, int n) {
    int i;
    for (i = 0; i < n; i++) {
        kit_addf(body, KIT_CHUNK("{\"content\":\"%d \"}"), i);
        if (text) kit_addf(text, "%d ", i);
    }
    kit_adds(body, KIT_FINISH("stop") KIT_DONE);
}

KIT_UNUSED static llmf_request kit_request(bool stream) {
    llmf_request r;
    memset(&r, 0, sizeof r);
    r.prompt = "Tell me a story.";
    r.stream = stream;
    return r;
}

KIT_UNUSED static size_t kit_used(const llmf_factory *f) {
    return used_by_calls(f);
}

#endif
