/* For tests of adapters: a request put together by hand and its body, read in windows of every kind; a reply given frame by frame and what it amounts to,
   as one line of text. Each frame is an allocation of exactly its size, freed before the next one comes. */
#ifndef TEST_DIALECT_H
#define TEST_DIALECT_H
#include "../../providers/body.h"
#include "split.h"

static char dialect_block[1 << 20];

/* ---- requests ---- */

typedef struct question {
    llmfi_heap heap;
    llmfi_arena arena;
    llmf_request req;
    llmfi_settings model;
    llmfi_ask ask;
    llmf_message messages[16];
    llmf_tool tools[4];
    const llmfi_node *schemas[4];
} question;

LLMFI_UNUSED static const llmfi_node *question_json(question *q, const char *text) {
    llmfi_parse_error bad;
    const llmfi_node *n = llmfi_json_parse(&q->arena, llmfi_cstr(text), &bad, false);
    if (!n) print_error("%s: %s at %u\n", text, bad.what, (unsigned)bad.offset);
    assert_non_null(n);
    return n;
}

LLMFI_UNUSED static void question_init(question *q, const char *model) {
    memset(q, 0, sizeof *q);
    llmfi_heap_init(&q->heap, dialect_block, sizeof dialect_block);
    llmfi_arena_init(&q->arena, &q->heap, 0);
    q->model.model_id = llmfi_cstr(model);
    q->req.messages = q->messages;
    q->req.tools = q->tools;
    q->ask.req = &q->req;
    q->ask.model = &q->model;
    q->ask.schemas = q->schemas;
}

LLMFI_UNUSED static llmf_message *question_add(question *q, int role, const char *content) {
    llmf_message *m = &q->messages[q->req.message_count++];
    assert_true(q->req.message_count <= LLMFI_COUNT(q->messages));
    m->role = role;
    m->content = content;
    m->content_len = content ? strlen(content) : 0;
    return m;
}

LLMFI_UNUSED static void question_tool(question *q, const char *name, const char *description, const char *schema) {
    size_t i = q->req.tool_count++;
    q->tools[i].name = name;
    q->tools[i].description = description;
    if (schema) q->schemas[i] = question_json(q, schema);
}

LLMFI_UNUSED static void question_system(question *q, const char *text) {
    q->req.system = text;
    q->req.system_len = strlen(text);
}

LLMFI_UNUSED static llmf_part question_text(const char *text) {
    llmf_part p;
    memset(&p, 0, sizeof p);
    p.text = text;
    p.text_len = strlen(text);
    return p;
}

LLMFI_UNUSED static llmf_part question_media(int type, const char *url, const char *data, const char *media) {
    llmf_part p;
    memset(&p, 0, sizeof p);
    p.type = type;
    p.url = url;
    p.data = data;
    p.data_len = data ? strlen(data) : 0;
    p.media_type = media;
    return p;
}

/* The body is `expected`, in one piece and in windows of 1, 2, 3, 7 … bytes; it is JSON unless `lines` (then each of its lines is). */
LLMFI_UNUSED static void question_body(question *q, const llmfi_adapter *adapter, bool lines, const char *expected) {
    static char got[1 << 16];
    static const size_t windows[] = { sizeof got, 1, 2, 3, 7, 64, 1000 };
    uint64_t length = 0;
    size_t i, n, len = strlen(expected);
    for (i = 0; i < LLMFI_COUNT(windows); i++) {
        llmfi_body b;
        size_t total = 0;
        llmfi_body_init(&b, adapter, &q->ask);
        while ((n = llmfi_body_read(&b, got + total, windows[i] < sizeof got - total ? windows[i] : sizeof got - total)) > 0) total += n;
        if (b.bad || total != len || memcmp(got, expected, len)) {
            print_error("window %zu: expected\n%s\ngot%s\n%.*s\n", windows[i], expected, b.bad ? " (bad)" : "", (int)total, got);
            fail();
        }
    }
    assert_true(llmfi_body_length(adapter, &q->ask, &length));
    assert_int_equal(length, len);
    if (!lines) assert_true(llmfi_json_valid(llmfi_str(expected, len)));
    llmfi_arena_free(&q->arena);
    assert_int_equal(q->heap.used, 0);
}

/* code LLMF_OK: the request can be sent; else it is refused so, with `part` in the text. */
LLMFI_UNUSED static void question_refused(question *q, const llmfi_adapter *adapter, int code, const char *part) {
    llmfi_refusal no;
    memset(&no, 0, sizeof no);
    if (adapter->check) adapter->check(&q->ask, &no);
    if (no.code != code || (code != LLMF_OK && !strstr(no.text, part))) {
        print_error("expected %d %s, got %d %s\n", code, part, no.code, no.text);
        fail();
    }
    assert_true(strlen(no.text) < sizeof no.text - 1);
    if (code != LLMF_OK) llmfi_arena_free(&q->arena);
}

/* ---- replies ---- */

typedef struct answer {
    llmfi_heap heap;
    llmfi_arena arena;
    llmfi_reply reply;
    llmfi_settings model;
    log_text log;
} answer;

LLMFI_UNUSED static void answer_init(answer *a, const char *provider, bool streamed) {
    memset(a, 0, sizeof *a);
    llmfi_heap_init(&a->heap, dialect_block, sizeof dialect_block);
    llmfi_arena_init(&a->arena, &a->heap, 0);
    a->model.provider = llmfi_cstr(provider);
    llmfi_reply_init(&a->reply, &a->heap, &a->arena, a->model.provider, &a->model);
    a->reply.streamed = streamed;
    a->reply.status = 200;
}

LLMFI_UNUSED static void answer_free(answer *a) {
    llmfi_reply_free(&a->reply);
    llmfi_arena_free(&a->arena);
    assert_int_equal(a->heap.used, 0);
    log_free(&a->log);
}

LLMFI_UNUSED static void answer_count(log_text *log, int64_t n) {
    if (n >= 0) log_number(log, (uint64_t)n);
    else log_cstr(log, "-");
}

LLMFI_UNUSED static void answer_events(answer *a) {
    static const char marks[] = "?TRFSDCU";
    llmf_event ev;
    while (llmfi_reply_next(&a->reply, &ev)) {
        const llmf_usage *u = ev.usage;
        log_bytes(&a->log, marks + ev.type, 1);
        if (ev.type >= LLMF_EVENT_TOOL_START && ev.type <= LLMF_EVENT_TOOL_CALL) log_number(&a->log, (uint64_t)ev.index);
        log_cstr(&a->log, ":");
        if (ev.type == LLMF_EVENT_TOOL_START) {
            log_str(&a->log, ev.tool->id);
            log_cstr(&a->log, ",");
            log_str(&a->log, ev.tool->name);
        } else if (ev.type == LLMF_EVENT_TOOL_CALL) {
            if (ev.tool->invalid) log_cstr(&a->log, "!");
            log_str(&a->log, ev.tool->arguments);
        } else if (ev.type == LLMF_EVENT_USAGE) {
            answer_count(&a->log, u->input);
            log_cstr(&a->log, ",");
            answer_count(&a->log, u->cache_read);
            log_cstr(&a->log, ",");
            answer_count(&a->log, u->cache_write);
            log_cstr(&a->log, ",");
            answer_count(&a->log, u->output);
            log_cstr(&a->log, ",");
            answer_count(&a->log, u->reasoning);
        } else {
            log_str(&a->log, ev.text);
        }
        log_cstr(&a->log, "|");
    }
}

/* "@name {…}" is a frame whose event has that name. */
LLMFI_UNUSED static void answer_frame(answer *a, const llmfi_adapter *adapter, llmf_str frame) {
    char *copy;
    llmf_str event = llmfi_str("", 0);
    if (frame.len && frame.ptr[0] == '@') {
        size_t blank = llmfi_find_char(frame, ' ');
        event = llmfi_str(frame.ptr + 1, (blank == LLMFI_NOWHERE ? frame.len : blank) - 1);
        frame = llmfi_from(frame, event.len + 2);
    }
    copy = (char *)malloc(frame.len ? frame.len : 1);
    assert_non_null(copy);
    if (frame.len) memcpy(copy, frame.ptr, frame.len);
    adapter->on_frame(&a->reply, event, llmfi_str(copy, frame.len));
    memset(copy, '#', frame.len);
    free(copy);
    answer_events(a);
}

/* The end of the bytes, and what all of it amounts to: events, then "=finish(word)model" or "!error(word)message", then state and citations. */
LLMFI_UNUSED static void answer_end(answer *a, const llmfi_adapter *adapter) {
    static const char *const finishes[] = { "none", "stop", "length", "tool_calls", "content_filter", "refusal", "other" };
    const llmf_citation *c;
    llmfi_reply *r = &a->reply;
    size_t i;
    if (adapter->on_end) adapter->on_end(r);
    llmfi_reply_end(r, true);
    answer_events(a);
    if (r->error.code) {
        log_cstr(&a->log, "!");
        log_number(&a->log, (uint64_t)r->error.code);
        log_cstr(&a->log, "(");
        log_cstr(&a->log, r->error.provider_code);
        log_cstr(&a->log, ")");
        log_str(&a->log, r->error.message);
    } else {
        log_cstr(&a->log, "=");
        log_cstr(&a->log, finishes[r->finish]);
        log_cstr(&a->log, "(");
        log_str(&a->log, r->finish_raw);
        log_cstr(&a->log, ")");
        log_str(&a->log, r->model_used);
    }
    if (r->state.len) log_cstr(&a->log, " state=");
    log_str(&a->log, llmfi_reply_text_of(&r->state));
    c = (const llmf_citation *)(const void *)r->citations.ptr;
    for (i = 0; i < r->citations.len / sizeof *c; i++) {
        log_cstr(&a->log, " cites=");
        log_str(&a->log, c[i].url);
        log_cstr(&a->log, ",");
        log_str(&a->log, c[i].title);
    }
}

/* frames: one a line. The first `whole` bytes of them (LLMFI_NOWHERE: all): a line that they cut is what was there when the bytes ended. */
LLMFI_UNUSED static void answer_feed(answer *a, const llmfi_adapter *adapter, const char *frames, size_t whole) {
    llmf_str left = llmfi_cstr(frames);
    if (whole < left.len) left.len = whole;
    a->reply.tail = false;
    while (left.len) {
        size_t lf = llmfi_find_char(left, '\n');
        a->reply.tail = lf == LLMFI_NOWHERE;
        answer_frame(a, adapter, llmfi_str(left.ptr, lf == LLMFI_NOWHERE ? left.len : lf));
        left = lf == LLMFI_NOWHERE ? llmfi_str("", 0) : llmfi_from(left, lf + 1);
    }
    answer_end(a, adapter);
}

typedef struct reply_case {
    const char *name;
    bool streamed;
    const char *frames, *expected;
} reply_case;

/* Whole; cut at each byte (never a crash; an error unless the terminal event had come; what had come is the front of the whole); with the nth piece of
   memory refused. */
LLMFI_UNUSED static void answer_case(const llmfi_adapter *adapter, const char *provider, const reply_case *c) {
    answer whole, a;
    size_t cut, len = strlen(c->frames);
    uint64_t n;
    answer_init(&whole, provider, c->streamed);
    answer_feed(&whole, adapter, c->frames, LLMFI_NOWHERE);
    if (!whole.log.ptr || strcmp(whole.log.ptr, c->expected)) {
        print_error("%s: expected\n%s\ngot\n%s\n%s\n", c->name, c->expected, whole.log.ptr ? whole.log.ptr : "", whole.reply.error.text);
        fail();
    }
    answer_free(&whole);
    for (cut = 0; cut < len; cut++) {
        answer_init(&a, provider, c->streamed);
        answer_feed(&a, adapter, c->frames, cut);
        assert_true(a.reply.terminal || a.reply.error.code != LLMF_OK);
        answer_free(&a);
    }
    for (n = 1; n < 200; n++) {
        bool refused;
        answer_init(&a, provider, c->streamed);
        a.heap.fail_at = n;
        answer_feed(&a, adapter, c->frames, LLMFI_NOWHERE);
        refused = a.heap.requests >= n;
        if (!refused && strcmp(a.log.ptr, c->expected)) fail();
        if (a.reply.state.len && a.reply.state.ptr[a.reply.state.len - 1] == ',') fail();
        answer_free(&a);
        if (!refused) break;
    }
}

LLMFI_UNUSED static void answer_cases(const llmfi_adapter *adapter, const char *provider, const reply_case *cases, size_t count) {
    size_t i;
    for (i = 0; i < count; i++) answer_case(adapter, provider, &cases[i]);
}

#endif
