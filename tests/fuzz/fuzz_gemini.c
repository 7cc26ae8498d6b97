/* Any bytes as pieces of Gemini's streams; and the state that comes of them goes back into a request, whole or broken. See dialect.h. */
#include "../../providers/gemini.h"
#include "dialect.h"

static char out[1 << 17];

/* The body of a request with that state in it is JSON, whatever the state and the text beside it are. */
static void send_back(llmf_str state, llmf_str text) {
    static const llmf_tool_call calls[2] = { { { "i", 1 }, { "f", 1 }, { "{}", 2 }, false }, { { "call00001", 9 }, { "g", 1 }, { "{", 1 }, true } };
    llmf_message messages[2];
    llmf_request req;
    llmfi_settings model;
    llmfi_ask ask;
    llmfi_out o;
    memset(messages, 0, sizeof messages);
    memset(&req, 0, sizeof req);
    memset(&model, 0, sizeof model);
    memset(&ask, 0, sizeof ask);
    messages[0].content = "Hi";
    messages[0].content_len = 2;
    messages[1].role = LLMF_ASSISTANT;
    messages[1].state = state;
    messages[1].content = text.ptr;
    messages[1].content_len = text.len;
    messages[1].tool_calls = calls;
    messages[1].tool_call_count = 2;
    req.messages = messages;
    req.message_count = 2;
    model.model_id = LLMFI_LIT("m");
    model.quirks = LLMFI_Q_SIGNED_CALLS;
    ask.req = &req;
    ask.model = &model;
    llmfi_out_window(&o, out, sizeof out, 0);
    if (!llmfi_body_emit(&llmfi_gemini, &ask, &o)) abort();
    if (!o.full && llmfi_utf8_valid(state, NULL) && llmfi_utf8_valid(text, NULL) && !llmfi_json_valid(llmfi_str(out, o.len))) abort();
}

static void look(const llmfi_reply *r) {
    llmf_str state = llmfi_buf_str(&r->state), owner = LLMFI_LIT("gemini:");
    if (!state.len) return;
    if (!llmfi_starts(state, owner) || !llmfi_json_valid(llmfi_from(state, owner.len))) abort();
    send_back(state, llmfi_buf_str(&r->text));
    send_back(state, LLMFI_LIT("\xc3\xa9\xf0\x9f\x98\x80 another text"));
}

/* What a reply amounts to. */
typedef struct sum {
    char text[1 << 16];
    size_t len;
    int error, finish;
    llmf_usage usage;
} sum;
static sum plain, spaced, *into;

static void add_up(const llmfi_reply *r) {
    llmf_str text = llmfi_buf_str(&r->text), reasoning = llmfi_buf_str(&r->reasoning);
    into->len = text.len + reasoning.len;
    if (text.len) memcpy(into->text, text.ptr, text.len);
    if (reasoning.len) memcpy(into->text + text.len, reasoning.ptr, reasoning.len);
    into->error = r->error.code;
    into->finish = r->finish;
    into->usage = r->usage;
}

/* With a blank in front of each other piece (behind the name of its event) none is like the one before: that must make no difference. */
static void unlike(const uint8_t *data, size_t size) {
    static uint8_t other[40000];
    size_t i, n = 1, line = 0;
    bool named = false;
    other[0] = data[0] & 1;
    for (i = 1; i < size; i++) {
        bool first = i == 1 || data[i - 1] == '\n';
        if (first) named = data[i] == '@';
        if (line % 2 && (named ? data[i] == ' ' : first && data[i] != '\n')) other[n++] = ' ';
        if (data[i] == ' ') named = false;
        if (data[i] == '\n') line++;
        other[n++] = data[i];
    }
    into = &spaced;
    fuzz_reply(&llmfi_gemini, other, n, add_up);
    memcpy(other + 1, data + 1, size - 1);
    into = &plain;
    fuzz_reply(&llmfi_gemini, other, size, add_up);
    if (plain.len != spaced.len || memcmp(plain.text, spaced.text, plain.len) || plain.error != spaced.error || plain.finish != spaced.finish) abort();
    if (memcmp(&plain.usage, &spaced.usage, sizeof plain.usage)) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2 || size > 16384) return 0;
    fuzz_reply(&llmfi_gemini, data, size, look);
    unlike(data, size);
    send_back(llmfi_str((const char *)data, size), LLMFI_LIT("a\xc3\xa9"));
    return 0;
}
