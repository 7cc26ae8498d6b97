/* An HTTP client of the test's: it keeps what was sent until the test answers it. */
#ifndef ENGINE_POST_H
#define ENGINE_POST_H
#include "kit.h"

enum { POST_MOST = 64 };
typedef struct letter {
    llmf_exchange *x;              /* NULL: answered, or nothing */
    kit_text text;                 /* "METHOD url", a line for each header, a blank one, the body */
} letter;

typedef struct post {
    letter letters[POST_MOST];     /* the open ones, and the latest of each place */
    kit_text all;                  /* everything that was ever sent */
    int starts, cancels, refuse;
    llmf_transport transport;
} post;

static int post_start(void *user, llmf_exchange *x, const llmf_http_request *req) {
    post *p = (post *)user;
    char bytes[512];
    size_t i, at = 0, n;
    kit_text *t;
    p->starts++;
    if (p->refuse) return p->refuse;
    while (at < POST_MOST && p->letters[at].x) at++;
    assert_true(at < POST_MOST);
    p->letters[at].x = x;
    t = &p->letters[at].text;
    kit_drop(t);
    kit_add(t, req->method.ptr, req->method.len);
    kit_adds(t, " ");
    kit_add(t, req->url.ptr, req->url.len);
    for (i = 0; i < req->header_count; i++) {
        kit_adds(t, "\n");
        kit_add(t, req->headers[i].name.ptr, req->headers[i].name.len);
        kit_adds(t, ": ");
        kit_add(t, req->headers[i].value.ptr, req->headers[i].value.len);
    }
    kit_adds(t, "\n\n");
    while ((n = llmf_exchange_read(x, bytes, sizeof bytes)) > 0) kit_add(t, bytes, n);
    kit_add(&p->all, t->ptr, t->len);
    kit_adds(&p->all, "\n");
    return LLMF_OK;
}

static void post_cancel(void *user, llmf_exchange *x) {
    post *p = (post *)user;
    size_t i = 0;
    while (i < POST_MOST && p->letters[i].x != x) i++;
    assert_true(i < POST_MOST);
    p->letters[i].x = NULL;
    p->cancels++;
}

static void post_poll(void *user, int timeout_ms) {
    (void)user, (void)timeout_ms;
}

static void post_open(post *p) {
    memset(p, 0, sizeof *p);
    p->transport.user = p;
    p->transport.start = post_start;
    p->transport.cancel = post_cancel;
    p->transport.poll = post_poll;
}

/* How many are unanswered. */
static int post_waiting(const post *p) {
    int i, n = 0;
    for (i = 0; i < POST_MOST; i++) n += p->letters[i].x != NULL;
    return n;
}

/* The first unanswered one that has `part` in it; NULL. */
static letter *post_find(post *p, const char *part) {
    size_t i = 0;
    while (i < POST_MOST && !(p->letters[i].x && kit_has(kit_cstr(&p->letters[i].text), part))) i++;
    return i < POST_MOST ? &p->letters[i] : NULL;
}

static void post_answer_header(post *p, const char *part, int status, const char *name, const char *value, const char *body) {
    letter *l = post_find(p, part);
    llmf_exchange *x;
    if (!l) fail_msg("nobody asks for %s", part);
    x = l->x;
    l->x = NULL;
    llmf_exchange_status(x, status);
    if (name) llmf_exchange_header(x, kit_str(name), kit_str(value));
    llmf_exchange_data(x, body, strlen(body));
    llmf_exchange_end(x, LLMF_OK, NULL);
}

KIT_UNUSED static void post_answer(post *p, const char *part, int status, const char *body) {
    post_answer_header(p, part, status, NULL, NULL, body);
}

KIT_UNUSED static void post_break(post *p, const char *part, int result) {
    letter *l = post_find(p, part);
    llmf_exchange *x;
    if (!l) fail_msg("nobody asks for %s", part);
    x = l->x;
    l->x = NULL;
    llmf_exchange_end(x, result, "as the test has it");
}

static void post_close(post *p) {
    size_t i;
    assert_int_equal(post_waiting(p), 0);
    for (i = 0; i < POST_MOST; i++) kit_drop(&p->letters[i].text);
    kit_drop(&p->all);
}

#endif
