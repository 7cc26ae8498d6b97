/* Any bytes as events of the Responses API: read by their form or anew each time they tell the same; and the state that comes of them goes back into a
   request, whole or broken. See dialect.h. */
#include "../../providers/openai_responses.h"
#include "dialect.h"

static char out[1 << 17];
static fuzz_told text_before, reasoning_before;
static size_t calls_before, state_before;
static int error_before;

/* The body of a request with that state in it is JSON, whatever the state is. */
static void send_back(llmf_str state, const char *text) {
    llmf_message messages[2];
    llmf_tool_call call;
    llmf_request req;
    llmfi_settings model;
    llmfi_ask ask;
    llmfi_out o;
    memset(messages, 0, sizeof messages);
    memset(&call, 0, sizeof call);
    memset(&req, 0, sizeof req);
    memset(&model, 0, sizeof model);
    memset(&ask, 0, sizeof ask);
    messages[0].content = "Hi";
    messages[0].content_len = 2;
    messages[1].role = LLMF_ASSISTANT;
    messages[1].content = text;
    messages[1].content_len = strlen(text);
    messages[1].state = state;
    messages[1].tool_calls = &call;
    messages[1].tool_call_count = 1;
    call.id = call.name = LLMFI_LIT("f");
    req.messages = messages;
    req.message_count = 2;
    model.model_id = LLMFI_LIT("m");
    ask.req = &req;
    ask.model = &model;
    llmfi_out_window(&o, out, sizeof out, 0);
    if (!llmfi_body_emit(&llmfi_responses, &ask, &o)) abort();
    if (!o.full && llmfi_utf8_valid(state, NULL) && !llmfi_json_valid(llmfi_str(out, o.len))) abort();
}

static void look(const llmfi_reply *r) {
    llmf_str state = llmfi_buf_str(&r->state), owner = LLMFI_LIT("openai_responses:");
    text_before = fuzz_text;
    reasoning_before = fuzz_reasoning;
    calls_before = r->tools.len;
    state_before = state.len;
    error_before = r->error.code;
    if (!state.len) return;
    if (!llmfi_starts(state, owner) || !llmfi_json_valid(llmfi_from(state, owner.len))) abort();
    send_back(state, "");
    send_back(state, "some text");
}

static void compare(const llmfi_reply *r) {
    if (!llmfi_eq(llmfi_str(text_before.text, text_before.len), llmfi_str(fuzz_text.text, fuzz_text.len))) abort();
    if (!llmfi_eq(llmfi_str(reasoning_before.text, reasoning_before.len), llmfi_str(fuzz_reasoning.text, fuzz_reasoning.len))) abort();
    if (calls_before != r->tools.len || state_before != r->state.len || error_before != r->error.code) abort();
}

static void forgetful_frame(llmfi_reply *r, llmf_str event, llmf_str data) {
    r->dialect.front.len = 0;
    llmfi_responses_on_frame(r, event, data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    llmfi_adapter forgetful = llmfi_responses;
    forgetful.on_frame = forgetful_frame;
    if (size < 2 || size > 16384) return 0;
    fuzz_reply(&llmfi_responses, data, size, look);
    if (data[0] >> 2 == 0) fuzz_reply(&forgetful, data, size, compare); /* no memory is refused */
    send_back(llmfi_str((const char *)data, size), "some text");
    return 0;
}
