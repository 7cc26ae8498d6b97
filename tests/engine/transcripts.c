/* Replays tests/transcripts (its README says what is in a file): whole, byte by byte, at every two-way split, in random pieces, cut at every byte;
   through filters that change nothing, and once more from the cache. */
#include "kit.h"
#pragma GCC diagnostic ignored "-Wunused-function" /* the command uses more of it */

/* The command gives its memory back by ending. Here each piece is remembered, so that none counts as lost. */
static void *remember(void *old, size_t size) {
    static void **all;
    static size_t count, cap, i;
    void *p = realloc(old, size);
    for (i = 0; i < count && old && all[i] != old; i++) continue;
    if (!old || i == count) i = count++;
    if (count > cap) all = (void **)realloc(all, (cap = cap * 2 + 64) * sizeof *all);
    if (!all || !p) abort();
    all[i] = p;
    return p;
}
#define realloc(old, size) remember(old, size)
#include "../../tools/llmf/request.h"
#undef realloc
#include <dirent.h>

typedef struct transcript {
    char *text;                    /* the file, cut into lines in place */
    const char *model, *config, *request, *url, *send;
    const char *headers[8];
    size_t header_count, memory;
    llmf_recording reply;
    llmf_header reply_headers[8];
    kit_text body, expected;
    size_t whole;                  /* bytes from which on the reply is whole */
    bool marked, stream;
    char problem[200];
} transcript;

static unsigned long runs, splits, cuts, failures; /* failures: of this file */

/* ---- reading ---- */

static bool transcript_bad(transcript *t, const char *what, const char *line) {
    snprintf(t->problem, sizeof t->problem, "%s: %.100s", what, line);
    return false;
}

static int hex_digit(char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* What stands between {{ and }}. */
static bool read_bytes(transcript *t, const char *at, size_t len) {
    char bytes[64];
    size_t n = 0;
    long times = 1;
    if (len == 1 && *at == '!') {
        t->whole = t->body.len;
        t->marked = true;
        return true;
    }
    for (; len >= 2 && hex_digit(at[0]) >= 0 && hex_digit(at[1]) >= 0 && n < sizeof bytes; at += 2, len -= 2) bytes[n++] = (char)(hex_digit(at[0]) * 16 + hex_digit(at[1]));
    if (len && *at == '*') times = strtol(at + 1, NULL, 10), len = 0;
    if (len || !n || times < 1) return false;
    while (times--) kit_add(&t->body, bytes, n);
    return true;
}

static bool read_body_line(transcript *t, const char *line) {
    bool open = line[1] == '-';
    const char *at = line + (open ? 2 : 1), *from, *to;
    if (*at == ' ') at++;
    while ((from = strstr(at, "{{")) != NULL && (to = strstr(from, "}}")) != NULL && (hex_digit(from[2]) >= 0 || from[2] == '!')) {
        kit_add(&t->body, at, (size_t)(from - at));
        if (!read_bytes(t, from + 2, (size_t)(to - from) - 2)) return transcript_bad(t, "bytes", from);
        at = to + 2;
    }
    kit_adds(&t->body, at);
    if (!open) kit_adds(&t->body, "\n");
    return true;
}

static bool word(const char *line, const char *name, const char **rest) {
    size_t n = strlen(name);
    if (strncmp(line, name, n) != 0 || (line[n] && line[n] != ' ')) return false;
    *rest = line[n] ? line + n + 1 : "";
    return true;
}

static bool read_reply_header(transcript *t, const char *rest) {
    const char *colon = strstr(rest, ": ");
    llmf_header *h = &t->reply_headers[t->reply.header_count];
    if (!colon || t->reply.header_count == KIT_COUNT(t->reply_headers)) return transcript_bad(t, "header", rest);
    h->name.ptr = rest;
    h->name.len = (size_t)(colon - rest);
    h->value = kit_str(colon + 2);
    t->reply.header_count++;
    return true;
}

static bool read_line(transcript *t, const char *line) {
    const char *rest;
    if (!*line || *line == '#') return true;
    if (*line == '|') return read_body_line(t, line);
    if (word(line, "model", &t->model) || word(line, "config", &t->config) || word(line, "request", &t->request) || word(line, "url", &t->url) || word(line, "send", &t->send)) return true;
    if (word(line, "header", &rest)) {
        if (t->header_count == KIT_COUNT(t->headers)) return transcript_bad(t, "too many headers", line);
        t->headers[t->header_count++] = rest;
        return true;
    }
    if (word(line, "memory", &rest)) return (t->memory = (size_t)strtoul(rest, NULL, 10)) > 0;
    if (word(line, "status", &rest)) return (t->reply.status = (int)strtol(rest, NULL, 10)) > 0;
    if (word(line, "reply", &rest)) return read_reply_header(t, rest);
    if (word(line, "stream", &rest)) return t->stream = true;
    if (word(line, "body", &rest)) return true;
    return transcript_bad(t, "unknown word", line);
}

static bool transcript_read(transcript *t, const char *path) {
    kit_text all = {NULL, 0, 0};
    char *line, *next, *out;
    bool events = false;
    FILE *f = fopen(path, "rb");
    char block[65536];
    size_t n;
    memset(t, 0, sizeof *t);
    if (!f) return transcript_bad(t, "cannot read", path);
    while ((n = fread(block, 1, sizeof block, f)) > 0) kit_add(&all, block, n);
    fclose(f);
    t->text = all.ptr;
    for (line = out = t->text; line && *line; line = next) { /* what goes on belongs to the line before */
        next = strstr(line, "\n  ");
        n = next ? (size_t)(next - line) : strlen(line);
        memmove(out, line, n);
        out += n;
        if (next) next += 3;
    }
    *out = '\0';
    for (line = t->text; line && *line; line = next) {
        next = strchr(line, '\n');
        if (next) *next++ = '\0';
        if (strcmp(line, "events") == 0) events = true;
        else if (events) kit_adds(&t->expected, line), kit_adds(&t->expected, "\n");
        else if (!read_line(t, line)) return false;
    }
    t->reply.body.ptr = kit_cstr(&t->body);
    t->reply.body.len = t->body.len;
    t->reply.headers = t->reply_headers;
    if (!t->model || !t->request || !t->memory || !t->expected.len) return transcript_bad(t, "model, request, memory or events missing", path);
    if (!t->marked) {
        for (t->whole = t->body.len; t->whole && strchr(" \r\n", t->body.ptr[t->whole - 1]); t->whole--) continue;
        if (!kit_has(t->expected.ptr, "done ")) t->whole = t->body.len + 1;
    }
    return true;
}

/* ---- what came ---- */

static void say_json(kit_text *out, llmf_str s) {
    size_t i;
    kit_adds(out, "\"");
    for (i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c == '"' || c == '\\') kit_addf(out, "\\%c", c);
        else if (c == '\n') kit_adds(out, "\\n");
        else if (c < 0x20) kit_addf(out, "\\u%04x", c);
        else kit_add(out, s.ptr + i, 1);
    }
    kit_adds(out, "\"");
}

static void say_call(kit_text *out, const llmf_event *ev) {
    kit_addf(out, " %d ", ev->index);
    kit_add(out, ev->tool->id.ptr, ev->tool->id.len);
    kit_adds(out, " ");
    kit_add(out, ev->tool->name.ptr, ev->tool->name.len);
    if (ev->type == LLMF_EVENT_TOOL_START) return;
    kit_adds(out, ev->tool->invalid ? " invalid " : " ");
    if (ev->tool->invalid) say_json(out, ev->tool->arguments);
    else kit_add(out, ev->tool->arguments.ptr, ev->tool->arguments.len);
}

static void say_tokens(kit_text *out, const llmf_usage *u) {
    const char *const names[] = {"in", "read", "write", "out", "reasoning"};
    int64_t n[5];
    int i;
    n[0] = u->input, n[1] = u->cache_read, n[2] = u->cache_write, n[3] = u->output, n[4] = u->reasoning;
    for (i = 0; i < 5 && n[i] < 0; i++) continue;
    if (i == 5) return;
    kit_adds(out, "tokens");
    for (i = 0; i < 5; i++)
        if (n[i] >= 0) kit_addf(out, " %s %lld", names[i], (long long)n[i]);
    kit_adds(out, "\n");
}

static void say_member(kit_text *out, const char *name, llmf_str s) {
    if (!s.len) return;
    kit_addf(out, "%s ", name);
    kit_add(out, s.ptr, s.len);
    kit_adds(out, "\n");
}

static void say_final(kit_text *out, const llmf_response *r) {
    size_t i;
    if (r->error.code == LLMF_OK) {
        kit_addf(out, "done %s ", llmf_finish_name(r->finish));
        kit_add(out, r->finish_raw.len ? r->finish_raw.ptr : "-", r->finish_raw.len ? r->finish_raw.len : 1);
        kit_adds(out, "\n");
    } else {
        kit_addf(out, "error %s %d %s\n", llmf_result_name(r->error.code), r->error.http_status, r->error.provider_code[0] ? r->error.provider_code : "-");
    }
    say_member(out, "model", r->model_used);
    say_member(out, "id", r->request_id);
    say_tokens(out, &r->usage);
    if (r->error.retry_after_ms >= 0) kit_addf(out, "retry %lld\n", (long long)r->error.retry_after_ms);
    for (i = 0; i < r->citation_count; i++) {
        kit_adds(out, "citation ");
        kit_add(out, r->citations[i].url.ptr, r->citations[i].url.len);
        kit_adds(out, " ");
        say_json(out, r->citations[i].title);
        kit_adds(out, "\n");
    }
    if (r->error.message.len) {
        kit_adds(out, "message ");
        say_json(out, r->error.message);
        kit_adds(out, "\n");
    }
}

/* One run of a call to its end. */
typedef struct outcome {
    kit_text events, final, text;
    int code, http_status, finals;
    bool consistent;               /* the response says what the events said */
} outcome;

static void say_event(outcome *o, const llmf_event *ev) {
    static const char *const names[] = {"?", "text ", "reasoning ", "refusal ", "tool_start", "tool_delta ", "tool_call", "usage"};
    if (ev->type >= LLMF_EVENT_DONE) {
        const llmf_response *r = ev->response;
        o->finals++;
        o->code = r->error.code;
        o->http_status = r->error.http_status;
        o->consistent = r->text.len == o->text.len && (!o->text.len || memcmp(r->text.ptr, o->text.ptr, o->text.len) == 0) && r->text.ptr[r->text.len] == '\0' &&
                        (r->error.code == LLMF_OK) == (ev->type == LLMF_EVENT_DONE) && (r->error.code == LLMF_OK || r->error.text[0]);
        say_final(&o->final, r);
        return;
    }
    kit_adds(&o->events, names[ev->type]);
    if (ev->type <= LLMF_EVENT_REFUSAL) say_json(&o->events, ev->text);
    if (ev->type == LLMF_EVENT_TOOL_DELTA) kit_addf(&o->events, "%d ", ev->index), say_json(&o->events, ev->text);
    if (ev->type == LLMF_EVENT_TOOL_START || ev->type == LLMF_EVENT_TOOL_CALL) say_call(&o->events, ev);
    kit_adds(&o->events, "\n");
    if (ev->type == LLMF_EVENT_TEXT) kit_add(&o->text, ev->text.ptr, ev->text.len);
}

static void outcome_drop(outcome *o) {
    kit_drop(&o->events);
    kit_drop(&o->final);
    kit_drop(&o->text);
    memset(o, 0, sizeof *o);
}

static void play(llmf_factory *f, llmf_model m, const llmf_request *req, outcome *o) {
    llmf_call c = llmf_start(f, m, req);
    llmf_event ev;
    long rounds = 0;
    memset(o, 0, sizeof *o);
    do {
        while (llmf_next(f, c, &ev)) say_event(o, &ev);
        if (o->finals) break;
        llmf_poll(f, 0);
    } while (++rounds < 2000000);
    llmf_free(f, c);
    runs++;
}

/* Lines equal; `*` in the expected one stands for any word. */
static bool line_fits(const char *want, const char *got) {
    for (; *want && *want != '\n'; want++) {
        if (*want == '*' && (want[1] == ' ' || want[1] == '\n' || !want[1])) {
            while (*got && *got != ' ' && *got != '\n') got++;
        } else if (*got++ != *want) {
            return false;
        }
    }
    return *got == '\n' || !*got;
}

static bool lines_fit(const char *want, const char *got) {
    while (*want && *got) {
        if (!line_fits(want, got)) return false;
        want += strcspn(want, "\n");
        got += strcspn(got, "\n");
        want += *want == '\n', got += *got == '\n';
    }
    return !*want && !*got;
}

static void complain(const char *name, const char *how, size_t at, const char *want, const char *got) {
    if (++failures == 1) printf("FAILED %s, %s %zu: wanted\n%s--- got\n%s---\n", name, how, at, want, got);
}

static bool as_expected(const transcript *t, const outcome *o, const char *name, const char *how, size_t at) {
    kit_text all = {NULL, 0, 0};
    bool ok;
    kit_adds(&all, kit_cstr(&o->events));
    kit_adds(&all, kit_cstr(&o->final));
    ok = o->finals == 1 && o->consistent && lines_fit(t->expected.ptr, kit_cstr(&all));
    if (!ok) complain(name, o->consistent ? how : "response and events differ, with", at, t->expected.ptr, kit_cstr(&all));
    kit_drop(&all);
    return ok;
}

/* ---- a transport that gives pieces of exactly their size, gone when it returns ---- */

typedef struct pieces {
    const transcript *t;
    llmf_exchange *x;
    size_t at, first;
    kit_text asked, headers, body;
} pieces;

static int pieces_start(void *user, llmf_exchange *x, const llmf_http_request *req) {
    pieces *p = (pieces *)user;
    char block[100];
    size_t n, i;
    p->x = x;
    p->at = 0;
    p->asked.len = p->headers.len = p->body.len = 0;
    kit_add(&p->asked, req->method.ptr, req->method.len);
    kit_adds(&p->asked, " ");
    kit_add(&p->asked, req->url.ptr, req->url.len);
    for (i = 0; i < req->header_count; i++) {
        kit_add(&p->headers, req->headers[i].name.ptr, req->headers[i].name.len);
        kit_adds(&p->headers, ": ");
        kit_add(&p->headers, req->headers[i].value.ptr, req->headers[i].value.len);
        kit_adds(&p->headers, "\n");
    }
    while ((n = llmf_exchange_read(x, block, sizeof block)) > 0) kit_add(&p->body, block, n);
    return LLMF_OK;
}

static void pieces_cancel(void *user, llmf_exchange *x) {
    (void)x;
    ((pieces *)user)->x = NULL;
}

static void pieces_poll(void *user, int timeout_ms) {
    pieces *p = (pieces *)user;
    const llmf_recording *r = &p->t->reply;
    size_t end = p->at < p->first ? p->first : r->body.len, i, n = end - p->at;
    (void)timeout_ms;
    if (!p->x) return;
    if (p->at == 0) {
        llmf_exchange_status(p->x, r->status ? r->status : 200);
        for (i = 0; i < r->header_count; i++) llmf_exchange_header(p->x, r->headers[i].name, r->headers[i].value);
    }
    if (n) {
        char *piece = (char *)malloc(n);
        memcpy(piece, r->body.ptr + p->at, n);
        p->at += llmf_exchange_data(p->x, piece, n);
        memset(piece, '#', n);
        free(piece);
    } else {
        llmf_exchange *x = p->x;
        p->x = NULL;
        llmf_exchange_end(x, LLMF_OK, NULL);
    }
}

/* ---- equal as JSON ---- */

static bool json_equal(llmf_str a, llmf_str b) {
    llmf_str key, va, vb;
    size_t at = 0, count_a = 0, count_b = 0, other = 0;
    char name[256], ta[4096], tb[4096];
    if (a.len && b.len && *a.ptr == '"' && *b.ptr == '"') {
        size_t n = llmf_json_string(a, ta, sizeof ta);
        return n < sizeof ta && llmf_json_string(b, tb, sizeof tb) == n && memcmp(ta, tb, n) == 0;
    }
    if (!a.len || !b.len || *a.ptr != *b.ptr || (*a.ptr != '{' && *a.ptr != '[')) return a.len == b.len && memcmp(a.ptr, b.ptr, a.len) == 0;
    while (llmf_json_each(b, &at, NULL, &vb)) count_b++;
    for (at = 0; llmf_json_each(a, &at, &key, &va); count_a++) {
        snprintf(name, sizeof name, "%.*s", (int)key.len, key.ptr);
        if (*a.ptr == '{' ? !llmf_json_get(b, name, &vb) : !llmf_json_each(b, &other, NULL, &vb)) return false;
        if (!json_equal(va, vb)) return false;
    }
    return count_a == count_b;
}

static llmf_str trimmed(const char *of) {
    llmf_str s = kit_str(of);
    while (s.len && strchr(" \n", *s.ptr)) s.ptr++, s.len--;
    while (s.len && strchr(" \n", s.ptr[s.len - 1])) s.len--;
    return s;
}

static void check_request(const transcript *t, const pieces *p, const char *name) {
    size_t i;
    char line[1024];
    if (t->url && strcmp(t->url, kit_cstr(&p->asked)) != 0) complain(name, "url", 0, t->url, kit_cstr(&p->asked));
    for (i = 0; i < t->header_count; i++) {
        snprintf(line, sizeof line, "%s\n", t->headers[i]);
        if (!strstr(kit_cstr(&p->headers), line)) complain(name, "header", i, line, kit_cstr(&p->headers));
    }
    if (!llmf_json_valid(kit_str(kit_cstr(&p->body)), NULL)) complain(name, "body is no JSON", 0, "", kit_cstr(&p->body));
    if (t->send && !json_equal(trimmed(t->send), trimmed(kit_cstr(&p->body)))) complain(name, "body", 0, t->send, kit_cstr(&p->body));
}

/* ---- the runs ---- */

static llmf_model pick(llmf_factory *f, const transcript *t, const char *name) {
    llmf_error err;
    llmf_model m = t->config ? llmf_create(f, t->model, t->config, &err) : llmf_get(f, t->model, &err);
    if (!m.id) complain(name, "model", 0, t->model, err.text);
    return m;
}

/* Two filters that let all through: one says so, the other writes it anew. */
static int pass(void *user, llmf_filter_writer *w, const llmf_event *ev, bool last) {
    if (last || (user && !llmf_filter_write(w, ev->text))) return LLMF_FILTER_STOP;
    return LLMF_FILTER_PASS;
}

static void run_splits(const transcript *t, const llmf_request *req, const char *name, bool filtered) {
    static const char *const env[] = {"OPENAI_API_KEY", "sk-transcript", "ANTHROPIC_API_KEY", "sk-ant-transcript", NULL};
    kit_world w;
    llmf_desc d = kit_desc(&w);
    llmf_transport transport;
    llmf_factory *f;
    llmf_model m;
    llmf_filter filters[2];
    pieces p;
    outcome o;
    size_t n, step = t->body.len > 8192 ? t->body.len / 400 + 1 : 1;
    memset(filters, 0, sizeof filters);
    filters[0].piece = filters[1].piece = pass;
    filters[1].user = filters;
    d.filters = filters;
    d.filter_count = filtered ? 2 : 0;
    memset(&transport, 0, sizeof transport), memset(&p, 0, sizeof p);
    p.t = t;
    transport.user = &p;
    transport.start = pieces_start;
    transport.cancel = pieces_cancel;
    transport.poll = pieces_poll;
    w.env = env;
    d.api_key = kit_has(t->model, "openai:") || kit_has(t->model, "anthropic:") ? NULL : "sk-transcript";
    d.custom_transport = &transport;
    f = llmf_open(&d, NULL);
    m = pick(f, t, name);
    for (n = 0; m.id && n < t->body.len + step && failures < 5; n += step) {
        p.first = n < t->body.len ? n : 0;
        play(f, m, req, &o);
        as_expected(t, &o, name, filtered ? "filtered, split at" : "split at", n);
        if (n == 0) check_request(t, &p, name);
        outcome_drop(&o);
        splits++;
    }
    llmf_close(f);
    kit_drop(&p.asked), kit_drop(&p.headers), kit_drop(&p.body);
    kit_drop(&w.log);
}

/* A prefix of whole lines. */
static bool begins(const char *all, const char *front) {
    size_t n = strlen(front);
    return strncmp(all, front, n) == 0;
}

static void run_cut(llmf_factory *f, llmf_model m, const llmf_request *req, const transcript *t, llmf_recording *r, const outcome *whole, const char *name, size_t at) {
    outcome o;
    bool ok;
    r->cut_at = at + 1;
    play(f, m, req, &o);
    ok = o.finals == 1 && o.consistent;
    if (at >= t->whole) ok = ok && (o.code == LLMF_OK || o.code == whole->code) && strcmp(kit_cstr(&o.text), kit_cstr(&whole->text)) == 0;
    else if (t->reply.status >= 300) ok = ok && o.code != LLMF_OK && o.http_status == t->reply.status;
    else ok = ok && (o.code == LLMF_ERR_TRUNCATED || (whole->code != LLMF_OK && o.code == whole->code)) && begins(kit_cstr(&whole->events), kit_cstr(&o.events));
    if (!ok) complain(name, at >= t->whole ? "cut behind its end at" : "cut before its end at", at, kit_cstr(&whole->events), kit_cstr(&o.final));
    outcome_drop(&o);
    cuts++;
}

static void run_all(const transcript *t, const llmf_request *req, const char *name) {
    kit_world w;
    llmf_desc d = kit_desc(&w);
    llmf_factory *f;
    llmf_model m;
    llmf_recording r = t->reply;
    outcome whole, o;
    size_t n, used, step = t->body.len > 8192 ? t->body.len / 400 + 1 : 1;
    d.transport = "replay";
    d.api_key = "sk-transcript";
    f = llmf_open(&d, NULL);
    llmf_replay(f, &r);
    m = pick(f, t, name);
    if (!m.id) goto end;
    used = f->heap.high = f->heap.used; /* nothing is kept of a model yet */
    play(f, m, req, &whole);
    as_expected(t, &whole, name, "whole", 0);
    if (f->heap.high - used > t->memory) {
        char got[32];
        snprintf(got, sizeof got, "%zu\n", f->heap.high - used);
        complain(name, "memory", t->memory, "", got);
    }
    if (kit_used(f) != used) complain(name, "not given back", kit_used(f) - used, "", "");
    r.chunk = 1;
    play(f, m, req, &o);
    as_expected(t, &o, name, "byte by byte", 0);
    outcome_drop(&o);
    for (n = 1; n <= 30; n++) {
        r.seed = n;
        r.chunk = n % 3 == 0 ? 0 : n % 3 == 1 ? 7 : 300;
        play(f, m, req, &o);
        as_expected(t, &o, name, "random pieces", n);
        outcome_drop(&o);
    }
    r.seed = r.chunk = 0;
    for (n = 0; n <= t->body.len && failures < 5; n += step) run_cut(f, m, req, t, &r, &whole, name, n);
    if (step > 1) run_cut(f, m, req, t, &r, &whole, name, t->body.len);
    outcome_drop(&whole);
    if (kit_used(f) != used) complain(name, "not given back", kit_used(f) - used, "", "");
end:
    llmf_close(f);
    kit_drop(&w.log);
}

/* What ended well is there again, in no more pieces than texts, when the same is asked; what did not is asked for again. */
static void run_cached(const transcript *t, const llmf_request *req, const char *name) {
    kit_world w;
    llmf_desc d = kit_desc(&w);
    llmf_factory *f;
    llmf_model m;
    llmf_recording r = t->reply;
    llmf_cache_info info;
    outcome first, again;
    char *id;
    d.transport = "replay";
    d.api_key = "sk-transcript";
    d.cache_mode = LLMF_CACHE_ON;
    f = llmf_open(&d, NULL);
    llmf_replay(f, &r);
    m = pick(f, t, name);
    play(f, m, req, &first);
    r.status = 500;
    r.body.len = 0;
    play(f, m, req, &again);
    llmf_cache(f, &info);
    id = strstr(kit_cstr(&first.final), "id ");
    if (id) memmove(id, strchr(id, '\n') + 1, strlen(strchr(id, '\n'))); /* nothing was sent, so there is none */
    if (info.hits != (first.code == LLMF_OK)) complain(name, "hits", (size_t)info.hits, kit_cstr(&first.final), kit_cstr(&again.final));
    if (first.code == LLMF_OK && (strcmp(kit_cstr(&first.final), kit_cstr(&again.final)) != 0 || strcmp(kit_cstr(&first.text), kit_cstr(&again.text)) != 0 || !again.consistent))
        complain(name, "cached", 0, kit_cstr(&first.final), kit_cstr(&again.final));
    outcome_drop(&first);
    outcome_drop(&again);
    llmf_close(f);
    kit_drop(&w.log);
}

static bool run_file(const char *folder, const char *name) {
    static transcript t;
    char path[1024];
    static request kept[512];      /* what a request points to lives until the end */
    static size_t count;
    request *r = &kept[count++];
    failures = 0;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (!transcript_read(&t, path)) {
        complain(name, "cannot be read", 0, "", t.problem);
    } else if (!parse_request(kit_str(t.request), r)) {
        complain(name, "request", 0, t.request, r->problem);
    } else {
        r->req.stream = t.stream;
        run_all(&t, &r->req, name);
        run_splits(&t, &r->req, name, false);
        run_splits(&t, &r->req, name, true);
        run_cached(&t, &r->req, name);
    }
    kit_drop(&t.body);
    kit_drop(&t.expected);
    free(t.text);
    return failures == 0;
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int main(int argc, char **argv) {
    const char *folder = "tests/transcripts";
    char *names[512];
    size_t n = 0, i, good = 0;
    DIR *dir = opendir(folder);
    struct dirent *e;
    while (dir && (e = readdir(dir)) != NULL && n < KIT_COUNT(names)) {
        size_t len = strlen(e->d_name);
        if (len < 5 || strcmp(e->d_name + len - 4, ".txt") != 0 || (argc > 1 && !strstr(e->d_name, argv[1]))) continue;
        names[n] = (char *)malloc(len + 1);
        memcpy(names[n++], e->d_name, len + 1);
    }
    if (dir) closedir(dir);
    qsort(names, n, sizeof *names, by_name);
    for (i = 0; i < n; i++) {
        bool ok = run_file(folder, names[i]);
        good += ok;
        if (!ok || argc > 1) printf("%s %s\n", ok ? "ok    " : "FAILED", names[i]);
        free(names[i]);
    }
    printf("%zu transcripts: %lu replies, of them %lu two-way splits and %lu cuts\n", n, runs, splits, cuts);
    printf("%zu passed, %zu failed, 0 skipped\n", good, n ? n - good : 1);
    return good == n && n ? 0 : 1;
}
