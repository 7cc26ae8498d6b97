/* serve.h - from a request to a reply: the table of routes, the control pages, the replies that need no dialect. */
#ifndef LOOPBACK_SERVE_H
#define LOOPBACK_SERVE_H
#include "azure.h"
#include "bedrock.h"
#include "chat.h"
#include "cohere.h"
#include "gemini.h"
#include "jobs.h"
#include "messages.h"
#include "ollama.h"
#include "operations.h"
#include "responses.h"
#include "wire.h"

/* ---- what is counted ------------------------------------------------------------------------------------------ */
enum { KEPT = 64, KEPT_BODY = 1 << 20, PATHS = 1024 };
typedef struct {
    unsigned long requests, accepted, open, open_max, reused, streams, refused, status[600];
    unsigned long long bytes_in, bytes_out;
    buf last[KEPT]; unsigned long kept;          /* the last requests as JSON texts, a ring   */
    uint64_t path[PATHS]; long times[PATHS];     /* how often a path with x-times was asked  */
} counters;
static counters count;

static void counters_reset(void) {
    unsigned long open = count.open;
    for (int i = 0; i < KEPT; i++) buf_free(&count.last[i]);
    memset(&count, 0, sizeof count);
    count.open = count.open_max = open;
}
static long times_asked(const char *target) {                            /* counts this time too */
    uint64_t h = hash_of(target, strlen(target), 1);
    for (int k = 0; k < PATHS; k++) {
        size_t i = (size_t)((h + (uint64_t)k) % PATHS);
        if (count.path[i] == h || !count.path[i]) { count.path[i] = h; return ++count.times[i]; }
    }
    return PATHS;
}
static void put_redacted(buf *o, const char *name, const char *value) {
    static const char *const secret[] = { "authorization", "proxy-authorization", "x-api-key", "api-key", "x-goog-api-key", "cookie", "x-amz-security-token", NULL };
    const char *space = strchr(value, ' ');
    for (int i = 0; secret[i]; i++) {
        if (!same_word(name, strlen(name), secret[i])) continue;
        const char *rest = space ? space + 1 : value;
        buf t = { 0 };
        say(&t, "%vpresent:%d", value, (size_t)(rest - value), (long)strlen(rest));
        put_json(o, t.p, t.n);
        buf_free(&t);
        return;
    }
    put_json(o, value, strlen(value));
}
static void remember(const exchange *x, unsigned long connection, int reused) {
    buf *o = &count.last[count.kept++ % KEPT];
    const request *r = &x->req;
    const char *why; size_t where;
    arena a = { NULL };
    o->n = 0;
    say(o, "{\"number\":%d,\"connection\":%d,\"reused\":%s,\"method\":%q,\"target\":%q,\"path\":%q,\"headers\":{", (long)x->number, (long)connection, reused ? "true" : "false", r->method, r->target, x->path);
    for (int i = 0; i < r->nf; i++) {
        buf n = { 0 };
        for (const char *s = r->f[i].name; *s; s++) put_char(&n, (char)lower((unsigned char)*s));
        say(o, "%s%j:", i ? "," : "", n.p, n.n);
        put_redacted(o, r->f[i].name, r->f[i].value);
        buf_free(&n);
    }
    size_t kept = r->nbody < KEPT_BODY ? r->nbody : KEPT_BODY;
    say(o, "},\"body_bytes\":%d,\"body\":%j,\"json\":%s}\n", (long)r->nbody, r->body, kept, json_parse(&a, r->body, r->nbody, &why, &where) ? "true" : "false");
    arena_free(&a);
}

/* ---- control pages -------------------------------------------------------------------------------------------- */
static void page_stats(exchange *x) {
    const counters *c = &count;
    buf *o = &x->reply.body;
    int some = 0;
    start_reply(x, 200, "application/json");
    say(o, "{\"requests\":%d,\"accepted\":%d,\"open\":%d,\"open_max\":%d,\"reused\":%d,\"streams\":%d,\"refused\":%d,\"bytes_in\":%d,\"bytes_out\":%d,\"status\":{",
        (long)c->requests, (long)c->accepted, (long)c->open, (long)c->open_max, (long)c->reused, (long)c->streams, (long)c->refused, (long)c->bytes_in, (long)c->bytes_out);
    for (long i = 0; i < 600; i++) if (c->status[i]) say(o, "%s\"%d\":%d", some++ ? "," : "", i, (long)c->status[i]);
    put_text(o, "}}\n");
}
static void page_last(exchange *x) {                                     /* /last, or /last/K: K requests before it */
    long k = 0;
    const char *s = x->path + 5;
    start_reply(x, 200, "application/json");
    if (*s == '/' && !behave_number(s + 1, strlen(s + 1), &k)) k = KEPT;
    if (k >= KEPT || (unsigned long)k >= count.kept) { start_reply(x, 404, "application/json"); put_text(&x->reply.body, "{\"error\":\"no such request is kept\"}\n"); return; }
    const buf *b = &count.last[(count.kept - 1 - (unsigned long)k) % KEPT];
    put(&x->reply.body, b->p, b->n);
}
static void page_reset(exchange *x) {
    counters_reset();
    start_reply(x, 200, "application/json");
    put_text(&x->reply.body, "{\"reset\":true}\n");
}
static void page_models(exchange *x) { if (x->how == &messages_dialect) messages_models(x); else if (x->how == &gemini_dialect) gemini_models(x); else chat_models(x); }

/* ---- routes: a dialect more is a row more --------------------------------------------------------------------- */
typedef struct {
    const char *method, *suffix;
    const dialect *how;             /* whose errors and auth; NULL: a control page, not counted */
    void (*page)(exchange *);       /* NULL: a conversation, answered by the dialect            */
} route;
static const route routes[] = {
    { "POST", "/openai/v1/chat/completions", &azure_dialect,  NULL },
    { "POST", "/openai/deployments/*/chat/completions", &azure_dialect, NULL },
    { "POST", "/models/chat/completions",  &azure_dialect,    NULL },
    { "POST", "/chat/completions",         &chat_dialect,     NULL },
    { "POST", "/v2/chat",                  &cohere_dialect,   NULL },
    { "POST", "/model/*/converse",         &bedrock_dialect,  NULL },
    { "POST", "/model/*/converse-stream",  &bedrock_dialect,  NULL },
    { "POST", "/model/*/invoke",           &bedrock_dialect,  bedrock_invoke },
    { "POST", "/model/*/count-tokens",     &bedrock_dialect,  bedrock_count },
    { "POST", "/openai/v1/embeddings",     &azure_dialect,    chat_embeddings },
    { "POST", "/openai/deployments/*/embeddings", &azure_dialect, chat_embeddings },
    { "POST", "/embeddings",               &chat_dialect,     chat_embeddings },
    { "POST", "/v2/embed",                 &cohere_dialect,   cohere_embeddings },
    { "POST", "/api/embed",                &ollama_dialect,   ollama_embeddings },
    { "POST", ":batchEmbedContents",       &gemini_dialect,   gemini_embeddings },
    { "POST", "/v2/audio/transcriptions",  &cohere_dialect,   chat_transcribe },
    { "POST", "/audio/transcriptions",     &chat_dialect,     chat_transcribe },
    { "POST", "/stt",                      &chat_dialect,     chat_transcribe },
    { "POST", ":countTokens",              &gemini_dialect,   gemini_count_tokens },
    { "POST", "/responses/input_tokens",   &responses_dialect, responses_count },
    { "POST", "/responses",                &responses_dialect, NULL },
    { "POST", "/v1/messages",              &messages_dialect, NULL },
    { "POST", "/v1/messages/count_tokens", &messages_dialect, messages_count },
    { "POST", "/v1/files",                 &chat_dialect,     openai_upload },
    { "GET",  "/v1/files/*/content",       &chat_dialect,     openai_content },
    { "POST", "/v1/batches",               &chat_dialect,     openai_batch },
    { "GET",  "/v1/batches/*",             &chat_dialect,     openai_job },
    { "POST", "/v1/batches/*/cancel",      &chat_dialect,     openai_cancel },
    { "POST", "/v1/messages/batches",      &messages_dialect, anthropic_batch },
    { "GET",  "/v1/messages/batches/*",    &messages_dialect, anthropic_job },
    { "POST", "/v1/messages/batches/*/cancel", &messages_dialect, anthropic_cancel },
    { "GET",  "/v1/messages/batches/*/results", &messages_dialect, anthropic_results },
    { "POST", ":batchGenerateContent",     &gemini_dialect,   gemini_batch },
    { "GET",  "/v1beta/batches/*",         &gemini_dialect,   gemini_job },
    { "POST", "/v1beta/batches/*:cancel",  &gemini_dialect,   gemini_cancel },
    { "POST", "/v1/batch/jobs",            &chat_dialect,     mistral_batch },
    { "GET",  "/v1/batch/jobs/*",          &chat_dialect,     mistral_job },
    { "POST", "/v1/batch/jobs/*/cancel",   &chat_dialect,     mistral_cancel },
    { "POST", ":generateContent",          &gemini_dialect,   NULL },
    { "POST", ":streamGenerateContent",    &gemini_dialect,   NULL },
    { "POST", "/api/chat",                 &ollama_dialect,   NULL },
    { "GET",  "/api/tags",                 &ollama_dialect,   ollama_tags },
    { "POST", "/api/show",                 &ollama_dialect,   ollama_show },
    { "GET",  "/api/version",              &ollama_dialect,   ollama_version },
    { "GET",  "/models",                   &chat_dialect,     page_models },
    { "GET",  "/stats",                    NULL,              page_stats },
    { "GET",  "/last",                     NULL,              page_last },
    { "PUT",  "/latest/api/token",         NULL,              aws_page_token },
    { "GET",  AWS_ROLES "loopback-role",   NULL,              aws_page_keys },
    { "GET",  AWS_ROLES,                   NULL,              aws_page_role },
    { "GET",  "/container/credentials",    NULL,              aws_page_container },
    { "POST", "/reset",                    NULL,              page_reset } };
enum { ROUTES = (int)(sizeof routes / sizeof *routes) };

/* the end of the path is the suffix, in which * stands for one segment */
static int ends_as(const char *path, size_t n, const char *suffix, size_t k) {
    while (k && suffix[k - 1] != '*') if (!n || path[--n] != suffix[--k]) return 0;
    if (!k) return 1;
    for (k--; n && path[n - 1] != '/'; n--) {}
    return ends_as(path, n, suffix, k);
}
static int route_fits(const route *r, const char *path) {
    size_t n = strlen(path), k = strlen(r->suffix);
    if (!r->how) return !strncmp(path, r->suffix, k) && (!path[k] || (path[k] == '/' && r->page == page_last));
    return ends_as(path, n, r->suffix, k);
}
static const route *route_of(const char *path, const char *method, int *wrong_method) {
    *wrong_method = 0;
    for (int i = 0; i < ROUTES; i++) {
        if (!route_fits(&routes[i], path)) continue;
        if (!strcmp(routes[i].method, method)) return &routes[i];
        *wrong_method = 1;
    }
    return NULL;
}

/* ---- replies that need no dialect ----------------------------------------------------------------------------- */
static void add_retry(exchange *x) {
    const behave *b = &x->b;
    char date[64];
    time_t at = time(NULL) + (b->retry_date > 0 ? b->retry_date : 0);
    struct tm t;
    if (b->retry_date >= 0 && gmtime_r(&at, &t)) {
        strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &t);    /* the C locale: setlocale is never called here */
        add_header(x, "retry-after: %s", date);
    }
    else if (b->retry_after >= 0) add_header(x, "retry-after: %d", b->retry_after);
    else if (b->status == 429 && b->retry_after_ms < 0) add_header(x, "retry-after: 1");
    if (b->retry_after_ms >= 0) add_header(x, "retry-after-ms: %d", b->retry_after_ms);
}
static int reply_status(exchange *x) {
    long s = x->b.status;
    if (s < 200 || s > 599) return 0;
    x->how->error(x, (int)s, NULL, x->b.code[0] ? x->b.code : NULL, s == 429 ? "Rate limit reached. Please try again later." : s == 529 ? "Overloaded" : "An error of the test server, as ordered.");
    add_retry(x);
    return 1;
}
static int reply_page(exchange *x, int status, const char *type, const char *body) {
    start_reply(x, status, type);
    put_text(&x->reply.body, body);
    return 1;
}
/* 1: one of the behaviours is the whole reply */
static int reply_at_once(exchange *x) {
    const behave *b = &x->b;
    if (b->redirect[0]) {
        start_reply(x, 307, "text/plain");
        add_header(x, "Location: http://%s%s", b->redirect, x->path);
        return 1;
    }
    if (b->html_502) return reply_page(x, 502, "text/html", "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>cloudflare</center>\r\n</body>\r\n</html>\r\n");
    if (b->empty) return reply_page(x, 200, "application/json", "");
    if (b->not_protocol) return reply_page(x, 200, "application/json", "{\"hello\":\"world\",\"n\":[1,2,3]}");
    if (b->gzip) return reply_page(x, 200, "application/json", "\x1f\x8b\x08 this is no gzip at all");
    return reply_status(x);
}

/* ---- the way of a request ------------------------------------------------------------------------------------- */
static void reply_whole(exchange *x, void (*write)(exchange *)) {
    if (x->b.error_in_200) { fail(x, 502, NULL, NULL, "Provider returned error"); x->reply.status = 200; return; }
    write(x);
    if (x->b.bad_json && !x->reply.streaming && x->reply.body.n > 20) x->reply.body.n -= 20;
}
static void reply_conversation(exchange *x) {
    char why[160];
    if (!x->how->read(x)) return;
    if (!behave_text(&x->b, &x->ask.user, why, sizeof why)) { fail(x, 400, NULL, NULL, "%s", why); return; }
    if (reply_at_once(x)) return;
    x->ask.think |= has_word(&x->ask.user, "think");
    plan_answer(x);
    if (x->ask.stream) {
        start_reply(x, 200, x->how->stream_type);
        x->reply.streaming = 1;
        x->how->stream(x);
        return;
    }
    reply_whole(x, x->how->unary);
}
static void reply_to(exchange *x, const route *r) {
    const int anthropic = r->page == page_models && (header(&x->req, "anthropic-version") || header(&x->req, "x-api-key"));
    const int gemini = r->page == page_models && header(&x->req, "x-goog-api-key") != NULL;
    x->how = anthropic ? &messages_dialect : gemini ? &gemini_dialect : r->how; /* three providers have /v1/models: the headers tell */
    if (!r->how) { r->page(x); return; }
    if (x->b.times >= 0 && times_asked(x->req.target) > x->b.times) behave_clear(&x->b);
    if (reply_at_once(x) || !x->how->auth(x)) return;
    if (r->page) reply_whole(x, r->page); else reply_conversation(x);
}
/* fills x->reply; the request is x->req */
static void serve(exchange *x, unsigned long connection, int reused) {
    char why[160];
    int wrong;
    x->reply.loop_from = -1;
    behave_clear(&x->b);
    x->how = &chat_dialect;                                              /* for the errors before a route is known */
    if (x->req.bad_status) { count.refused++; behave_clear(&x->b); fail(x, x->req.bad_status, NULL, NULL, "%s", x->req.why); x->req.keep = 0; x->req.minor = 1; return; }
    int known = strlen(x->req.target) < sizeof x->path && behave_path(&x->b, x->req.target, x->path, why, sizeof why);
    const route *r = known ? route_of(x->path, x->req.method, &wrong) : NULL;
    if (r && !r->how) { reply_to(x, r); return; }
    x->number = ++count.requests;
    if (reused) count.reused++;
    remember(x, connection, reused);
    if (!known) fail(x, 404, NULL, NULL, "%s", strlen(x->req.target) < sizeof x->path ? why : "path too long");
    else if (!r) fail(x, wrong ? 405 : 404, NULL, wrong ? "method_not_supported" : "unknown_url", "Unknown request URL: %s %s.", x->req.method, x->path);
    else reply_to(x, r);
    if (x->reply.streaming) count.streams++;
    count.status[x->reply.status < 600 ? x->reply.status : 0]++;
}
#endif
