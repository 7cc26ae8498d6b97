/* bench_handshake.c - one call over a new TLS connection by BearSSL, in slices of a microsecond: each llmf_poll does the least that it can. Run by callgrind, which
 * writes a file for each return of bench_poll; the largest of them is what no slice makes smaller.
 * usage: bench_handshake BASE      BENCH_CA=FILE   roots */
#define LLMFACTORY_IMPLEMENTATION
#include "llmfactory.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int bench_poll(llmf_factory *f);
int bench_poll(llmf_factory *f) {
    return llmf_poll(f, 0);
}
static int (*volatile poll_once)(llmf_factory *) = bench_poll; /* so that it is called, and by its name */

int main(int argc, char **argv) {
    llmf_desc d;
    llmf_error err;
    llmf_request req;
    llmf_event ev;
    llmf_factory *f;
    llmf_call c;
    int code = -1;
    memset(&d, 0, sizeof d);
    memset(&req, 0, sizeof req);
    if (argc < 2) return 2;
    d.no_env = true;
    d.base_url = argv[1];
    d.api_key = "sk-test";
    d.transport = "socket";
    d.ca_file = getenv("BENCH_CA");
    d.slice_us = 1;
    f = llmf_open(&d, &err);
    if (!f) return fprintf(stderr, "bench_handshake: %s\n", err.text), 1;
    req.prompt = "hi";
    c = llmf_start(f, llmf_get(f, "openai:m", &err), &req);
    while (code < 0 && poll_once(f) >= 0) {
        while (llmf_next(f, c, &ev))
            if (ev.response) code = ev.response->error.code;
        if (code > 0) fprintf(stderr, "bench_handshake: %s\n", ev.response->error.text);
        usleep(200);
    }
    llmf_close(f);
    return code;
}
