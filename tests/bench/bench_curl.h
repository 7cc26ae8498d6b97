/* bench_curl.h - what both libcurl baselines set on a handle, and the environment that changes it:
 *   BENCH_CA=FILE        verify against these roots          BENCH_CACACHE=1    CAPATH NULL, so that libcurl keeps the parsed roots
 *   BENCH_INSECURE=1     do not verify                       BENCH_CURL_BUF=N   CURLOPT_BUFFERSIZE
 *   BENCH_HEADERS=A|B    more request headers                BENCH_FRESH=full   a new connection and handshake for each call;
 *                                                            =resume keeps the TLS session, =handle makes a new handle too     */
#ifndef BENCH_CURL_H
#define BENCH_CURL_H
#include "bench.h"
#include <curl/curl.h>

static struct curl_slist *bc_headers(void) {
    struct curl_slist *h = curl_slist_append(0, "Content-Type: application/json");
    h = curl_slist_append(h, "Authorization: Bearer sk-test-0123456789abcdef0123456789abcdef");
    const char *more = getenv("BENCH_HEADERS");
    char t[2048];
    if (!more) return h;
    snprintf(t, sizeof t, "%s", more);
    for (char *q = strtok(t, "|"); q; q = strtok(0, "|")) h = curl_slist_append(h, q);
    return h;
}
static void bc_options(CURL *c, const char *url, struct curl_slist *h) {
    const char *fresh = getenv("BENCH_FRESH");
    curl_easy_setopt(c, CURLOPT_URL, url);
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, h);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    if (getenv("BENCH_CA")) curl_easy_setopt(c, CURLOPT_CAINFO, getenv("BENCH_CA"));
    if (getenv("BENCH_CACACHE")) curl_easy_setopt(c, CURLOPT_CAPATH, NULL);   /* Debian sets CApath, which turns off libcurl's cache of the parsed roots */
    if (getenv("BENCH_INSECURE")) { curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 0L); curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 0L); }
    if (getenv("BENCH_CURL_BUF")) curl_easy_setopt(c, CURLOPT_BUFFERSIZE, atol(getenv("BENCH_CURL_BUF")));
    if (!fresh) return;
    curl_easy_setopt(c, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(c, CURLOPT_FORBID_REUSE, 1L);
    if (!strcmp(fresh, "full")) curl_easy_setopt(c, CURLOPT_SSL_SESSIONID_CACHE, 0L);
}
#endif
