/* Any bytes as a reply of Chat Completions, as an error's body, and as a state that comes back in a request.
   The first four bytes of the input choose: stream or not and which quirks, when events are taken, whether text is kept, and which request to the heap is
   refused. The rest is frames, one a line. */
#include <stdlib.h>
#include "../../providers/openai.h"

typedef struct run {
    char log[1 << 17];
    size_t len, text;                        /* text: bytes of its events */
} run;

static run one, two;
static char block[1 << 17];
static llmfi_heap heap;

static void must(bool fact) {
    if (!fact) abort();
}

static void put(run *r, const void *bytes, size_t len) {
    must(len <= sizeof r->log - r->len);
    if (len) memcpy(r->log + r->len, bytes, len);
    r->len += len;
}

static void put_str(run *r, llmf_str s) {
    must(llmfi_utf8_valid(s, NULL));
    put(r, s.ptr, s.len);
    put(r, "|", 1);
}

static void take(run *r, llmfi_reply *reply) {
    llmf_event ev;
    while (llmfi_reply_next(reply, &ev)) {
        put(r, &ev.type, sizeof ev.type);
        put_str(r, ev.text);
        if (ev.type == LLMF_EVENT_TEXT) {
            must(ev.text.len && (reply->discard || memcmp(reply->text.ptr + r->text, ev.text.ptr, ev.text.len) == 0));
            r->text += ev.text.len;
        }
        if (ev.tool) {
            put_str(r, ev.tool->id);
            put_str(r, ev.tool->name);
            put_str(r, ev.tool->arguments);
            must(ev.tool->id.len > 0);
            must(ev.type != LLMF_EVENT_TOOL_CALL || ev.tool->invalid != llmfi_json_valid(ev.tool->arguments));
        }
    }
}

static void frame(llmfi_reply *r, const uint8_t *bytes, size_t len, bool forget) {
    char *copy = (char *)malloc(len ? len : 1); /* of its exact size, so that a byte read too many is seen */
    must(copy != NULL);
    if (len) memcpy(copy, bytes, len);
    if (forget) r->dialect.front.len = r->dialect.rest.len = 0;
    llmfi_openai.on_frame(r, llmfi_str("", 0), llmfi_str(copy, len));
    free(copy);
}

/* forget: nothing is known from the frame before, which must make no difference. */
static void reply(run *r, const uint8_t *options, const uint8_t *data, size_t size, bool forget, uint64_t fail_at) {
    llmfi_arena arena;
    llmfi_reply reply;
    llmfi_settings model;
    const uint8_t *end = data + size;
    unsigned n = 0;
    r->len = r->text = 0;
    memset(&model, 0, sizeof model);
    model.provider = LLMFI_LIT("host");
    if (options[0] & 2) model.quirks |= LLMFI_Q_BACK_REASONING_CONTENT;
    if (options[0] & 4) model.quirks |= LLMFI_Q_BACK_REASONING_DETAILS;
    llmfi_heap_init(&heap, block, sizeof block);
    heap.fail_at = fail_at;
    heap.fail_on = options[3] >> 7;
    llmfi_arena_init(&arena, &heap, 0);
    llmfi_reply_init(&reply, &heap, &arena, model.provider, &model);
    reply.status = 200;
    reply.streamed = options[0] & 1;
    reply.discard = options[2] & 1;
    if (options[2] & 2) reply.limit = 64;
    while (data < end && !reply.error.code) {
        const uint8_t *stop = reply.streamed ? (const uint8_t *)memchr(data, '\n', (size_t)(end - data)) : NULL;
        reply.tail = !stop;
        frame(&reply, data, (size_t)((stop ? stop : end) - data), forget);
        if (n++ % (1u + options[1] % 4) == 0) take(r, &reply);
        data = stop ? stop + 1 : end;
    }
    llmfi_openai.on_end(&reply);
    llmfi_reply_end(&reply, true);
    take(r, &reply);
    must(reply.error.code != LLMF_OK || reply.terminal);
    must(fail_at || reply.error.code != LLMF_ERR_MEMORY);
    must(reply.discard || r->text == reply.text.len);
    must(!reply.state.len || llmfi_openai_state(&model, llmfi_buf_str(&reply.state)).len);
    put(r, &reply.usage, sizeof reply.usage);
    put(r, &reply.error.code, sizeof reply.error.code);
    put_str(r, reply.error.message);
    put_str(r, llmfi_cstr(reply.error.text));
    put_str(r, reply.finish_raw);
    put_str(r, reply.model_used);
    put_str(r, llmfi_buf_str(&reply.state));
    llmfi_reply_free(&reply);
    llmfi_arena_free(&arena);
    must(heap.used == 0);
}

static void fault(const uint8_t *options, const uint8_t *data, size_t size) {
    llmfi_arena arena;
    llmfi_reply r;
    char *copy = (char *)malloc(size ? size : 1);
    must(copy != NULL);
    if (size) memcpy(copy, data, size);
    llmfi_heap_init(&heap, block, sizeof block);
    llmfi_arena_init(&arena, &heap, 0);
    llmfi_reply_init(&r, &heap, &arena, LLMFI_LIT("host"), NULL);
    llmfi_fault_body(&r, 300 + options[1], llmfi_str(copy, size), llmfi_str(copy, options[2] < size ? options[2] : 0));
    must(r.error.code != LLMF_OK && r.error.text[0]);
    must(llmfi_utf8_valid(r.error.message, NULL) && llmfi_utf8_valid(llmfi_cstr(r.error.text), NULL) && llmfi_utf8_valid(llmfi_cstr(r.error.provider_code), NULL));
    llmfi_reply_free(&r);
    llmfi_arena_free(&arena);
    free(copy);
    must(heap.used == 0);
}

/* Whatever stands in a state, text or name: the body is JSON. */
static void request(const uint8_t *options, const uint8_t *data, size_t size) {
    static char state[8192];
    llmf_message m;
    llmf_request q;
    llmfi_settings model;
    llmfi_ask ask;
    llmfi_out o;
    llmfi_buf b;
    llmfi_body body;
    char window[13];
    size_t n = 0, got;
    memset(&m, 0, sizeof m);
    memset(&q, 0, sizeof q);
    memset(&model, 0, sizeof model);
    memset(&ask, 0, sizeof ask);
    memcpy(state, "openai/host:", 12);
    memcpy(state + 12, data, size);
    m.role = options[1] % 5;
    m.state = llmfi_str(state, size + 12);
    m.content = state + 12;
    m.content_len = size;
    m.tool_call_id = m.reasoning = llmfi_str(state + 12, size);
    q.messages = &m;
    q.message_count = 1;
    model.provider = LLMFI_LIT("host");
    model.model_id = llmfi_str(state + 12, size / 2);
    model.quirks = LLMFI_Q_BACK_REASONING_CONTENT;
    ask.req = &q;
    ask.model = &model;
    llmfi_heap_init(&heap, block, sizeof block);
    llmfi_buf_init(&b, &heap, 0);
    llmfi_out_buf(&o, &b);
    must(llmfi_body_emit(&llmfi_openai, &ask, &o));
    must(llmfi_json_valid(llmfi_buf_str(&b)));
    llmfi_body_init(&body, &llmfi_openai, &ask);
    while ((got = llmfi_body_read(&body, window, sizeof window)) != 0) {
        must(n + got <= b.len && memcmp(b.ptr + n, window, got) == 0);
        n += got;
    }
    must(n == b.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 4 || size > 4096) return 0;
    reply(&one, data, data + 4, size - 4, false, 0);
    reply(&two, data, data + 4, size - 4, true, 0);
    must(one.len == two.len && memcmp(one.log, two.log, one.len) == 0);
    reply(&two, data, data + 4, size - 4, false, data[3] % 32 + 1u);
    fault(data, data + 4, size - 4);
    request(data, data + 4, size - 4);
    return 0;
}
