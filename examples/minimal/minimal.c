/* A whole client in one static program: TLS, roots, look-up and all, which allocates nothing. `make minimal` builds it with musl and BearSSL, and
   tests/minimal.sh weighs and measures it. It does without stdio too: nothing else of it would need that. */
#define LLMFACTORY_IMPLEMENTATION
#include "llmfactory.h"
#include "lookup.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "usage: minimal [-m MODEL] [-u URL] [-c FILE] [PROMPT]\n"
    "Streams the answer to PROMPT; without one, to each line of the standard input.\n"
    "  -m MODEL  provider:model; openai:gpt-4o-mini if not given\n"
    "  -u URL    the API's base URL, if not the provider's own\n"
    "  -c FILE   roots to trust (PEM, at most 16 KB), if not those built in\n"
    "The key is in OPENAI_API_KEY, or what another provider calls it. Ends with 1 if there was no answer.\n";

/* 32 KB of it are the connection, 8 the certificates while they are checked, the rest what is under way: an event of an answer may have 4 KB. */
static char block[76 * 1024];
static char roots[16 * 1024 + 1], line[8 * 1024];

static void say(int fd, const char *text, size_t len) {
    while (len) {
        ssize_t n = write(fd, text, len);
        if (n <= 0) _exit(1); /* nobody listens */
        text += n;
        len -= (size_t)n;
    }
}

static int fail(const char *text) {
    say(STDERR_FILENO, text, strlen(text));
    say(STDERR_FILENO, "\n", 1);
    return 1;
}

/* 0: it is answered. */
static int ask(llmf_factory *f, llmf_model model, const char *prompt) {
    llmf_request request = {0};
    llmf_event event;
    llmf_call call;
    int failed = -1;
    request.prompt = prompt;
    request.stream = true;
    request.flags = LLMF_BORROW | LLMF_DISCARD_TEXT; /* neither the prompt nor the answer is kept in the block, so both may be long */
    call = llmf_start(f, model, &request);
    while (failed < 0 && llmf_poll(f, -1) >= 0)
        while (llmf_next(f, call, &event)) {
            if (event.type == LLMF_EVENT_TEXT) say(STDOUT_FILENO, event.text.ptr, event.text.len);
            if (event.type == LLMF_EVENT_DONE) say(STDOUT_FILENO, "\n", 1);
            if (event.response) failed = event.type == LLMF_EVENT_ERROR ? fail(event.response->error.text) : 0;
        }
    llmf_free(f, call);
    return failed;
}

/* Each line that has something in it; the last needs no end. */
static int ask_lines(llmf_factory *f, llmf_model model) {
    size_t len = 0;
    ssize_t n;
    int failed = 0;
    do {
        char *end;
        n = read(STDIN_FILENO, line + len, sizeof line - 1 - len);
        if (n > 0) len += (size_t)n;
        else if (len) line[len++] = '\n';
        while ((end = (char *)memchr(line, '\n', len)) != NULL) {
            *end++ = '\0';
            if (line[0]) failed |= ask(f, model, line);
            len -= (size_t)(end - line);
            memmove(line, end, len);
        }
        if (len == sizeof line - 1) return fail("a line is too long");
    } while (n > 0);
    return failed;
}

static const char *read_roots(const char *path) {
    int fd = open(path, O_RDONLY);
    ssize_t n = fd < 0 ? -1 : read(fd, roots, sizeof roots);
    if (fd >= 0) close(fd);
    return n > 0 && n < (ssize_t)sizeof roots ? roots : NULL;
}

int main(int argc, char **argv) {
    const char *model = "openai:gpt-4o-mini", *url = NULL, *ca = NULL;
    llmf_desc desc = {0};
    llmf_error error;
    llmf_factory *f;
    llmf_model m = {0};
    int i, status;
    for (i = 1; i < argc && argv[i][0] == '-'; i += 2) {
        const char **to = !strcmp(argv[i], "-m") ? &model : !strcmp(argv[i], "-u") ? &url : !strcmp(argv[i], "-c") ? &ca : NULL;
        if (!strcmp(argv[i], "-h")) return say(STDOUT_FILENO, usage, sizeof usage - 1), 0;
        if (!to || !argv[i + 1]) return say(STDERR_FILENO, usage, sizeof usage - 1), 2;
        *to = argv[i + 1];
    }
    if (argc > i + 1) return say(STDERR_FILENO, usage, sizeof usage - 1), 2;
    if (!LLMF_HAS_ENV) desc.api_key = getenv("OPENAI_API_KEY"); /* else the library looks for the provider's own */
    desc.base_url = url;
    if (ca && !(desc.ca_pem = read_roots(ca))) return fail("the file of roots cannot be read, or has more than 16 KB");
    desc.resolve = look_up;
    desc.memory = block;
    desc.memory_size = sizeof block;
    desc.max_calls = desc.max_models = desc.max_connections = 1;
    desc.recv_size = 4096;
    f = llmf_open(&desc, &error);
    if (f) m = llmf_get(f, model, &error);
    if (!m.id) return fail(error.text);
    status = argv[i] ? ask(f, m, argv[i]) : ask_lines(f, m);
    llmf_close(f);
    return status != 0;
}
