/* Any bytes as Converse bodies and events (and chunks of InvokeModel); and the state that comes of them goes back into a request, whole or broken, beside a
   document of any name. See dialect.h. */
#include "../../providers/bedrock.h"
#include "dialect.h"

static char out[1 << 17];

/* The body of a request with that state in it is JSON, whatever the state is; or the request is refused. */
static void send_back(llmf_str state, const char *name) {
    llmf_message messages[2];
    llmf_part part;
    llmf_request req;
    llmfi_settings model;
    llmfi_refusal no;
    llmfi_ask ask;
    llmfi_out o;
    memset(messages, 0, sizeof messages);
    memset(&part, 0, sizeof part);
    memset(&req, 0, sizeof req);
    memset(&model, 0, sizeof model);
    memset(&ask, 0, sizeof ask);
    memset(&no, 0, sizeof no);
    part.type = LLMF_PART_FILE;
    part.data = "x";
    part.data_len = 1;
    part.media_type = "text/plain";
    part.name = name;
    messages[0].content = "Hi";
    messages[0].content_len = 2;
    messages[0].parts = &part;
    messages[0].part_count = 1;
    messages[1].role = LLMF_ASSISTANT;
    messages[1].state = state;
    req.messages = messages;
    req.message_count = 2;
    model.model_id = LLMFI_LIT("m");
    ask.req = &req;
    ask.model = &model;
    llmfi_bedrock.check(&ask, &no);
    llmfi_out_window(&o, out, sizeof out, 0);
    if (!llmfi_body_emit(&llmfi_bedrock, &ask, &o)) abort();
    if (no.code == LLMF_OK && !o.full && llmfi_utf8_valid(state, NULL) && !llmfi_json_valid(llmfi_str(out, o.len))) abort();
}

/* InvokeModel's state has the same owner. */
static void look(const llmfi_reply *r) {
    llmf_str state = llmfi_buf_str(&r->state);
    size_t colon = llmfi_find_char(state, ':');
    if (!state.len) return;
    if (colon == LLMFI_NOWHERE || !llmfi_json_valid(llmfi_from(state, colon + 1))) abort();
    send_back(state, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static char name[64];
    if (size < 2 || size > 16384) return 0;
    memcpy(name, data, size < sizeof name - 1 ? size : sizeof name - 1);
    name[size < sizeof name - 1 ? size : sizeof name - 1] = '\0';
    fuzz_reply(&llmfi_bedrock, data, size, look);
    send_back(llmfi_str((const char *)data, size), name);
    return 0;
}
