/* raw libcurl easy + simdjson: one connection, kept alive */
#include "work.h"
#include "bench_curl.h"
static bench B; static char *body; static size_t nbody, capbody; static sse S; static int streaming; static double t_req, t_first;
static float emb[153600];
static size_t on_write(char *p, size_t a, size_t n, void *u) {
    (void)u; n *= a;
    if (t_first == 0) t_first = b_now();
    if (streaming) { sse_feed(&B, &S, p, n); return n; }
    if (nbody + n + W_PADDING > capbody) { capbody = (nbody + n) * 2 + W_PADDING; body = realloc(body, capbody); }
    memcpy(body + nbody, p, n); nbody += n;
    return n;
}
int main(int argc, char **argv) {
    b_args(&B, argc, argv);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    CURL *c = curl_easy_init();
    char url[512], req[8192]; int embed = !strcmp(B.mode, "embed"); streaming = !strcmp(B.mode, "stream");
    snprintf(url, sizeof url, "%s/%s", B.base, embed ? "embeddings" : "chat/completions");
    struct curl_slist *h = bc_headers();
    bc_options(c, url, h);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_write);
    const char *fresh = getenv("BENCH_FRESH");
    for (long i = -B.warm; i < B.n; i++) {
        if (i == 0) b_start(&B);
        t_req = b_now(); t_first = 0; nbody = 0; S.done = 0; S.n = 0;
        size_t k = embed ? w_embed(req) : w_chat(req, streaming);
        curl_easy_setopt(c, CURLOPT_POSTFIELDS, req); curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE, (long)k);
        if (fresh && *fresh == 'h') { CURL *d = curl_easy_duphandle(c); curl_easy_cleanup(c); c = d; }
        CURLcode r = curl_easy_perform(c);
        if (r) { B.errors++; fprintf(stderr, "%s\n", curl_easy_strerror(r)); if (B.errors > 10) return 1; }
        if (streaming) { if (!S.done) B.errors++; }
        else if (embed) w_embed_answer(&B, body, nbody, capbody, emb);
        else w_plain_answer(&B, body, nbody, capbody);
        b_lat(&B, b_now() - t_req);
    }
    b_end(&B, getenv("BENCH_NAME") ? getenv("BENCH_NAME") : "curl-easy+simdjson");
    curl_easy_cleanup(c); curl_slist_free_all(h); curl_global_cleanup(); free(body); free(S.buf);
    return B.errors != 0;
}
