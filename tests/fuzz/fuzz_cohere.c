/* Any bytes as events of Cohere's chat; and the state that comes of them goes back into a request, whole or broken. See dialect.h. */
#include "../../providers/cohere.h"
#include "dialect.h"

static char out[1 << 17];

/* The body of a request with that state in it is JSON, whatever the state is; or the request is refused. */
static void send_back(llmf_str state) {
    llmf_message messages[2];
    llmf_request req;
    llmfi_settings model;
    llmfi_refusal no;
    llmfi_ask ask;
    llmfi_out o;
    memset(messages, 0, sizeof messages);
    memset(&req, 0, sizeof req);
    memset(&model, 0, sizeof model);
    memset(&ask, 0, sizeof ask);
    memset(&no, 0, sizeof no);
    messages[0].content = "Hi";
    messages[0].content_len = 2;
    messages[1].role = LLMF_ASSISTANT;
    messages[1].state = state;
    req.messages = messages;
    req.message_count = 2;
    model.model_id = LLMFI_LIT("m");
    ask.req = &req;
    ask.model = &model;
    llmfi_cohere.check(&ask, &no);
    llmfi_out_window(&o, out, sizeof out, 0);
    if (!llmfi_body_emit(&llmfi_cohere, &ask, &o)) abort();
    if (no.code == LLMF_OK && !o.full && llmfi_utf8_valid(state, NULL) && !llmfi_json_valid(llmfi_str(out, o.len))) abort();
}

static void look(const llmfi_reply *r) {
    llmf_str state = llmfi_buf_str(&r->state), owner = LLMFI_LIT("cohere:");
    if (!state.len) return;
    if (!llmfi_starts(state, owner) || !llmfi_json_valid(llmfi_from(state, owner.len))) abort();
    send_back(state);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2 || size > 16384) return 0;
    fuzz_reply(&llmfi_cohere, data, size, look);
    send_back(llmfi_str((const char *)data, size));
    return 0;
}
