/* Asks a question every few seconds, and serves what Prometheus scrapes meanwhile.  ./metrics MODEL PORT QUESTIONS, then curl http://localhost:PORT/metrics */
#define LLMFACTORY_IMPLEMENTATION
#include "llmfactory.h"
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static char page[1 << 20];

/* One scraper at a time will do: whatever it asks for, it gets the page. */
static void serve(llmf_factory *f, int listener) {
    char request[4096], head[128];
    int peer = accept(listener, NULL, NULL);
    size_t len = llmf_metrics(f, page, sizeof page);
    if (peer < 0) return;
    if (len >= sizeof page) len = 0; /* a page that is cut is wrong */
    if (recv(peer, request, sizeof request, 0) > 0) {
        int n = snprintf(head, sizeof head, "HTTP/1.1 %s\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: %lu\r\nConnection: close\r\n\r\n",
                         len ? "200 OK" : "500 Too much", (unsigned long)len);
        send(peer, head, (size_t)n, MSG_NOSIGNAL);
        send(peer, page, len, MSG_NOSIGNAL);
    }
    close(peer);
}

int main(int argc, char **argv) {
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), questions = argc > 3 ? atoi(argv[3]) : 1, yes = 1;
    struct sockaddr_in here = {0};
    llmf_desc desc = {0};
    llmf_request req = {0};
    llmf_error err;
    llmf_event ev;
    llmf_factory *f;
    llmf_model m;
    time_t next = 0;
    desc.metrics = true;
    f = llmf_open(&desc, &err);
    m = llmf_get(f, argc > 1 ? argv[1] : NULL, &err);
    if (!m.id) return fprintf(stderr, "%s\n", err.text), 1;
    here.sin_family = AF_INET;
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    here.sin_port = htons((unsigned short)(argc > 2 ? atoi(argv[2]) : 9101));
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(listener, (struct sockaddr *)&here, sizeof here) != 0 || listen(listener, 8) != 0) return perror("listen"), 1;
    req.prompt = "Say something new.";
    req.stream = true;
    for (;; serve(f, listener)) {
        if (questions && time(NULL) >= next) {
            if (llmf_start(f, m, &req).id) questions--;
            next = time(NULL) + 5;
        }
        llmf_poll(f, 100);
        while (llmf_next_any(f, &ev))
            if (ev.response) llmf_free(f, ev.call); /* it has been counted */
    }
}
