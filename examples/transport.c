/* A transport of one's own: here it answers from memory; in an engine it would hand the request to the engine's HTTP client. */
#define LLMFACTORY_IMPLEMENTATION
#include "llmfactory.h"
#include <stdio.h>
#include <string.h>

typedef struct canned {
    llmf_exchange *waiting;        /* one at a time will do here */
} canned;

static const char answer[] = "{\"model\":\"canned\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"Hello from my own transport.\"},"
                             "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":6}}";

static int start(void *user, llmf_exchange *x, const llmf_http_request *req) {
    char body[2048];
    size_t n = llmf_exchange_read(x, body, sizeof body);
    printf("%.*s %.*s\n%.*s\n", (int)req->method.len, req->method.ptr, (int)req->url.len, req->url.ptr, (int)n, body);
    ((canned *)user)->waiting = x;
    return LLMF_OK;
}

static void cancel(void *user, llmf_exchange *x) {
    if (((canned *)user)->waiting == x) ((canned *)user)->waiting = NULL;
}

/* Called by llmf_poll: the place to look whether anything has arrived. */
static void poll_it(void *user, int timeout_ms) {
    llmf_exchange *x = ((canned *)user)->waiting;
    (void)timeout_ms;
    if (!x) return;
    ((canned *)user)->waiting = NULL;
    llmf_exchange_status(x, 200);
    llmf_exchange_data(x, answer, sizeof answer - 1);
    llmf_exchange_end(x, LLMF_OK, NULL);
}

int main(void) {
    canned mine = {0};
    llmf_transport transport = {0};
    llmf_desc desc = {0};
    llmf_request req = {0};
    llmf_response r;
    llmf_error err;
    llmf_factory *f;
    transport.user = &mine;
    transport.start = start;
    transport.cancel = cancel;
    transport.poll = poll_it;
    desc.custom_transport = &transport;
    desc.api_key = "not-a-real-key";
    f = llmf_open(&desc, &err);
    if (!f) return fprintf(stderr, "%s\n", err.text), 1;
    req.prompt = "Say hello.";
    llmf_generate(f, llmf_get(f, "openai:any-model", &err), &req, &r);
    puts(r.error.code ? r.error.text : r.text.ptr);
    llmf_release(f, &r);
    llmf_close(f);
    return r.error.code;
}
