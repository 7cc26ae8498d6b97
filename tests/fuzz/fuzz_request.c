/* Any request through llmf_preview_request, for dialects and hosts of several kinds: the body is valid JSON, the same read in windows of any size, and holds no key; or an
   error says why. The memory comes back either way. The input is read as a list of fields: a byte of length and so many bytes for a text. */
#define LLMFACTORY_IMPLEMENTATION
#define LLMF_NO_CURL 1 /* nothing goes over a network here */
#include "../../llmfactory.h"
#include "../kept.h"
#include <math.h>
#include <stdio.h>

enum { MOST = 4, ROOM = 1 << 16 };

typedef struct input {
    const uint8_t *at, *end;
} input;

/* Everything that a request points to. */
typedef struct bag {
    llmf_request req;
    llmf_message messages[MOST];
    llmf_part parts[MOST][2];
    llmf_tool_call calls[MOST][2];
    llmf_tool tools[MOST];
    const char *stop[MOST];
    char text[ROOM];
    size_t used;
} bag;

static llmf_factory *f;
static llmf_model models[8];
static char block[1 << 20];
static size_t baseline;

static void must_at(bool ok, int line) {
    if (ok) return;
    fprintf(stderr, "fuzz_request.c:%d: does not hold\n", line);
    abort();
}
#define must(ok) must_at((ok), __LINE__)

static const char *keys_only(void *user, const char *name) {
    (void)user;
    return llmfi_ends(llmfi_cstr(name), LLMFI_LIT("_API_KEY")) ? "CaNaRy-4711-kEy" : NULL;
}

static void open_factory(void) {
    static const char *const names[] = {"openai:gpt-4o", "anthropic:claude-x", "ollama:m", "groq:g", "mistral:m", "deepseek:d", "openai:o3-mini", "ollama:m"};
    llmf_desc d;
    llmf_error err;
    size_t i;
    memset(&d, 0, sizeof d);
    d.memory = block;
    d.memory_size = sizeof block;
    d.transport = "replay";
    d.getenv_fn = keys_only;
    f = llmf_open(&d, &err);
    must(f != NULL);
    for (i = 0; i < LLMFI_COUNT(names); i++) {
        if (i == 7) models[i] = llmf_create(f, "openai:x", "{prompt_prefix: 'a\"', prompt_suffix: \"\\n\", temperature: 1.5, stop: [x, y], extra: {n: 1, stream: false}, "
                                                           "quirks: {system_as_user: true, max_completion_tokens: true}, headers: {X-Api-Key: CaNaRy-4711-kEy}}", &err);
        else models[i] = llmf_get(f, names[i], &err);
        if (!models[i].id) fprintf(stderr, "%s\n", err.text);
        must(models[i].id != 0);
    }
    baseline = used_by_calls(f);
}

/* ---- the request ---- */

static unsigned byte(input *in) {
    return in->at < in->end ? *in->at++ : 0u;
}

/* NULL where its length is 0 and the next byte says so. */
static const char *text(input *in, bag *b, size_t *len) {
    size_t want = byte(in), left;
    char *to = b->text + b->used;
    if (len) *len = 0;
    if (!want) return byte(in) & 1 ? "" : NULL;
    if (want == 255) want = 255 + byte(in) * 4;
    left = (size_t)(in->end - in->at);
    if (want > left) want = left;
    if (want + 1 > ROOM - b->used) return NULL;
    if (want) memcpy(to, in->at, want);
    to[want] = '\0';
    in->at += want;
    b->used += want + 1;
    if (len) *len = want;
    return to;
}

static llmf_str view(input *in, bag *b) {
    llmf_str s;
    s.ptr = text(in, b, &s.len);
    return s;
}

static double number(input *in) {
    static const double some[] = {0, LLMF_ZERO, 0.5, 1, 2, 2.1, -2, 1e-7, 1e300, 0.1};
    unsigned k = byte(in);
    if (k == 255) return (double)INFINITY;
    if (k == 254) return (double)NAN;
    return some[k % LLMFI_COUNT(some)];
}

static void part(input *in, bag *b, llmf_part *p) {
    p->type = (int)(byte(in) % 6) - 1;
    p->text = text(in, b, &p->text_len);
    if (byte(in) & 1) p->data = text(in, b, &p->data_len);
    if (byte(in) & 1) p->url = text(in, b, NULL);
    p->media_type = text(in, b, NULL);
    p->name = text(in, b, NULL);
    p->detail = text(in, b, NULL);
}

static void message(input *in, bag *b, size_t at) {
    llmf_message *m = &b->messages[at];
    size_t i;
    m->role = (int)(byte(in) % 6) - 1;
    m->content = text(in, b, &m->content_len);
    m->parts = b->parts[at];
    m->part_count = byte(in) % 3;
    for (i = 0; i < m->part_count; i++) part(in, b, &b->parts[at][i]);
    m->tool_calls = b->calls[at];
    m->tool_call_count = byte(in) % 3;
    for (i = 0; i < m->tool_call_count; i++) {
        b->calls[at][i].id = view(in, b);
        b->calls[at][i].name = view(in, b);
        b->calls[at][i].arguments = view(in, b);
    }
    m->state = view(in, b);
    m->reasoning = view(in, b);
    m->tool_call_id = view(in, b);
    m->name = view(in, b);
    m->is_error = byte(in) & 1;
}

static void tool(input *in, bag *b, llmf_tool *t) {
    t->name = text(in, b, NULL);
    t->description = text(in, b, NULL);
    t->parameters = text(in, b, NULL);
    t->strict = byte(in) & 1;
}

static void request(input *in, bag *b) {
    llmf_request *r = &b->req;
    unsigned bits = byte(in);
    size_t i;
    if (bits & 1) r->prompt = text(in, b, &r->prompt_len);
    r->system = text(in, b, &r->system_len);
    r->messages = b->messages;
    r->message_count = byte(in) % (MOST + 1);
    for (i = 0; i < r->message_count; i++) message(in, b, i);
    r->tools = b->tools;
    r->tool_count = byte(in) % (MOST + 1);
    for (i = 0; i < r->tool_count; i++) tool(in, b, &b->tools[i]);
    r->tool_choice = text(in, b, NULL);
    r->parallel_tool_calls = (int)(byte(in) % 5) - 1;
    r->format = text(in, b, NULL);
    r->temperature = number(in);
    r->top_p = number(in);
    r->max_tokens = (int64_t)byte(in) - 1;
    r->stop = b->stop;
    r->stop_count = byte(in) % (MOST + 1);
    for (i = 0; i < r->stop_count; i++) b->stop[i] = text(in, b, NULL);
    r->seed = (int64_t)((uint64_t)byte(in) << 56);
    r->reasoning = text(in, b, NULL);
    r->user = text(in, b, NULL);
    r->extra = text(in, b, NULL);
    r->use_seed = bits & 2;
    r->cache = bits & 4;
    r->stream = bits & 8;
    r->flags = bits >> 4;
}

/* ---- what comes of it ---- */

static bool holds(llmf_str s, const char *word) {
    return llmfi_find_nocase(s, llmfi_cstr(word)) != LLMFI_NOWHERE;
}

/* All of it by the public reader. */
static void walk(llmf_str json, int depth) {
    llmf_str key, value, again;
    size_t at = 0, before = 0;
    char small[8];
    while (llmf_json_each(json, &at, &key, &value)) {
        must(at > before && at <= json.len && value.len && llmf_json_valid(value, NULL));
        before = at;
        if (llmf_json_string(value, small, sizeof small) != LLMF_NOT_A_STRING) must(value.ptr[0] == '"' && memchr(small, '\0', sizeof small));
        if (depth) walk(value, depth - 1);
    }
    (void)llmf_json_get(json, "model", &again);
}

static void check_preview(llmf_preview *p, unsigned window) {
    llmfi_call *c = llmfi_call_of(f, p->call);
    char piece[64];
    size_t at = 0, n, i;
    must(llmf_json_valid(p->body, NULL) && llmfi_utf8_valid(p->body, NULL));
    must(llmfi_url_bad_char(p->url) == LLMFI_NOWHERE && llmfi_starts(p->url, LLMFI_LIT("http")));
    for (i = 0; i < p->header_count; i++) {
        must(llmfi_header_ok(p->headers[i].name, p->headers[i].value));
        must(!holds(p->headers[i].value, "CaNaRy"));
    }
    walk(p->body, 3);
    llmfi_body_rewind(&c->body);
    while ((n = llmfi_body_read(&c->body, piece, window % sizeof piece + 1)) > 0) {
        must(at + n <= p->body.len && memcmp(piece, p->body.ptr + at, n) == 0);
        at += n;
    }
    must(at == p->body.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static bag b;
    llmf_preview p;
    input in;
    unsigned which, window, refuse;
    if (size > 8192) return 0;
    if (!f) open_factory();
    memset(&b.req, 0, offsetof(bag, text));
    b.used = 0;
    in.at = data;
    in.end = data + size;
    which = byte(&in);
    window = byte(&in);
    refuse = byte(&in);
    request(&in, &b);
    llmf_fail_memory(f, refuse, window & 1);
    if (llmf_preview_request(f, models[which % 8], &b.req, &p) == LLMF_OK) {
        check_preview(&p, window);
    } else {
        must(p.error.code > LLMF_OK && p.error.text[0] && llmfi_utf8_valid(llmfi_cstr(p.error.text), NULL) && !strstr(p.error.text, "CaNaRy"));
        must(refuse || p.error.code != LLMF_ERR_MEMORY);
    }
    llmf_free(f, p.call);
    llmf_fail_memory(f, 0, false);
    must(used_by_calls(f) == baseline);
    return 0;
}
