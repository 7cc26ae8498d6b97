/* One provider by itself, or everything but it.   alone NAME ID DIALECT EMBEDS   plays a recorded reply of the dialect: it must be decoded, whole and streamed, and
   with EMBEDS 1 a vector; what else is asked for is not built.   alone -NAME ID DIALECT EMBEDS   is a build without it: it says so with its macro, another answers. */
#define LLMFACTORY_IMPLEMENTATION
#include "llmfactory.h"
#include <stdio.h>

static const struct {
    const char *dialect, *whole, *stream;    /* each says "Hello." after 3 tokens in 2; bedrock's stream: an event a line, as `type {…}` */
} replies[] = {
    { "OPENAI", "{\"model\":\"m\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"Hello.\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}",
      "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hel\"}}]}\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"lo.\"},\"finish_reason\":\"stop\"}]}\n\n"
      "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}\n\ndata: [DONE]\n\n" },
    { "OPENAI_RESPONSES",
      "{\"id\":\"r\",\"object\":\"response\",\"status\":\"completed\",\"model\":\"m\",\"output\":[{\"type\":\"message\",\"id\":\"i\",\"role\":\"assistant\",\"content\":[{\"type\":\"output_text\",\"text\":\"Hello.\"}]}],"
      "\"usage\":{\"input_tokens\":3,\"output_tokens\":2}}",
      "data: {\"type\":\"response.output_text.delta\",\"item_id\":\"i\",\"output_index\":0,\"content_index\":0,\"delta\":\"Hel\"}\n\n"
      "data: {\"type\":\"response.output_text.delta\",\"item_id\":\"i\",\"output_index\":0,\"content_index\":0,\"delta\":\"lo.\"}\n\n"
      "data: {\"type\":\"response.completed\",\"response\":{\"id\":\"r\",\"object\":\"response\",\"status\":\"completed\",\"output\":[],\"usage\":{\"input_tokens\":3,\"output_tokens\":2}}}\n\n" },
    { "ANTHROPIC",
      "{\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\",\"content\":[{\"type\":\"text\",\"text\":\"Hello.\"}],\"stop_reason\":\"end_turn\",\"usage\":{\"input_tokens\":3,\"output_tokens\":2}}",
      "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"model\":\"m\",\"content\":[],\"usage\":{\"input_tokens\":3,\"output_tokens\":1}}}\n\n"
      "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n"
      "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Hello.\"}}\n\n"
      "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n"
      "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":2}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n" },
    { "GEMINI",
      "{\"candidates\":[{\"index\":0,\"content\":{\"role\":\"model\",\"parts\":[{\"text\":\"Hello.\"}]},\"finishReason\":\"STOP\"}],\"usageMetadata\":{\"promptTokenCount\":3,\"candidatesTokenCount\":2}}",
      "data: {\"candidates\":[{\"index\":0,\"content\":{\"parts\":[{\"text\":\"Hel\"}]}}]}\n\n"
      "data: {\"candidates\":[{\"index\":0,\"content\":{\"parts\":[{\"text\":\"lo.\"}]},\"finishReason\":\"STOP\"}],\"usageMetadata\":{\"promptTokenCount\":3,\"candidatesTokenCount\":2}}\n\n" },
    { "AZURE", NULL, NULL }, /* openai's, with other paths */
    { "BEDROCK",
      "{\"output\":{\"message\":{\"role\":\"assistant\",\"content\":[{\"text\":\"Hello.\"}]}},\"stopReason\":\"end_turn\",\"usage\":{\"inputTokens\":3,\"outputTokens\":2,\"totalTokens\":5}}",
      "messageStart {\"role\":\"assistant\"}\ncontentBlockDelta {\"contentBlockIndex\":0,\"delta\":{\"text\":\"Hel\"}}\ncontentBlockDelta {\"contentBlockIndex\":0,\"delta\":{\"text\":\"lo.\"}}\n"
      "contentBlockStop {\"contentBlockIndex\":0}\nmessageStop {\"stopReason\":\"end_turn\"}\nmetadata {\"usage\":{\"inputTokens\":3,\"outputTokens\":2,\"totalTokens\":5}}\n" },
    { "OLLAMA", "{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"Hello.\"},\"done\":true,\"done_reason\":\"stop\",\"prompt_eval_count\":3,\"eval_count\":2}",
      "{\"message\":{\"content\":\"Hel\"},\"done\":false}\n{\"message\":{\"content\":\"lo.\"},\"done\":false}\n{\"message\":{\"content\":\"\"},\"done\":true,\"done_reason\":\"stop\",\"prompt_eval_count\":3,\"eval_count\":2}\n" },
    { "COHERE",
      "{\"id\":\"c\",\"message\":{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"Hello.\"}]},\"finish_reason\":\"COMPLETE\",\"usage\":{\"tokens\":{\"input_tokens\":3,\"output_tokens\":2}}}",
      "data: {\"type\":\"message-start\",\"id\":\"c\"}\n\ndata: {\"type\":\"content-start\",\"index\":0,\"delta\":{\"message\":{\"content\":{\"type\":\"text\",\"text\":\"\"}}}}\n\n"
      "data: {\"type\":\"content-delta\",\"index\":0,\"delta\":{\"message\":{\"content\":{\"text\":\"Hello.\"}}}}\n\n"
      "data: {\"type\":\"message-end\",\"delta\":{\"finish_reason\":\"COMPLETE\",\"usage\":{\"tokens\":{\"input_tokens\":3,\"output_tokens\":2}}}}\n\n" },
    { "MOCK", NULL, NULL }, /* answers by itself */
};

/* Of a dialect, or of a provider that embeds in another way than its dialect. */
static const char *const vectors[][2] = {
    { "VERTEX", "{\"predictions\":[{\"embeddings\":{\"values\":[0.5,-2]}}]}" },
    { "HUGGINGFACE", "[[0.5,-2]]" },
    { "OPENAI", "{\"data\":[{\"index\":0,\"embedding\":[0.5,-2]}]}" },
    { "OPENAI_RESPONSES", "{\"data\":[{\"index\":0,\"embedding\":[0.5,-2]}]}" },
    { "AZURE", "{\"data\":[{\"index\":0,\"embedding\":[0.5,-2]}]}" },
    { "GEMINI", "{\"embeddings\":[{\"values\":[0.5,-2]}]}" },
    { "OLLAMA", "{\"embeddings\":[[0.5,-2]]}" },
    { "COHERE", "{\"embeddings\":{\"float\":[[0.5,-2]]}}" },
    { "BEDROCK", "{\"embedding\":[0.5,-2],\"inputTextTokenCount\":3}" },
};

static int failed;

static void expect(bool good, const char *what, const char *text) {
    if (good) return;
    failed++;
    fprintf(stderr, "%s: %s\n", what, text);
}

static const char *body_of(const char *dialect, bool stream) {
    size_t i;
    if (strcmp(dialect, "AZURE") == 0) dialect = "OPENAI";
    for (i = 0; i < sizeof replies / sizeof replies[0]; i++)
        if (strcmp(replies[i].dialect, dialect) == 0) return stream ? replies[i].stream : replies[i].whole;
    fprintf(stderr, "no recorded reply of the dialect %s: write one in tests/alone.c\n", dialect);
    exit(1);
}

#if LLMFI_HAS_EVENTSTREAM
/* ---- frames of Amazon's event streams ---- */

static size_t put_u32(char *to, uint32_t n) {
    int i;
    for (i = 0; i < 4; i++) to[i] = (char)(n >> (24 - 8 * i));
    return 4;
}

static size_t put_header(char *to, const char *name, llmf_str value) {
    size_t n = strlen(name);
    to[0] = (char)n;
    memcpy(to + 1, name, n);
    to[n + 1] = 7; /* a text */
    to[n + 2] = (char)(value.len >> 8);
    to[n + 3] = (char)value.len;
    memcpy(to + n + 4, value.ptr, value.len);
    return n + 4 + value.len;
}

static size_t put_frame(char *to, llmf_str type, llmf_str payload) {
    size_t n = 12, headers;
    n += put_header(to + n, ":message-type", llmfi_cstr("event"));
    n += put_header(to + n, ":event-type", type);
    headers = n - 12;
    memcpy(to + n, payload.ptr, payload.len);
    n += payload.len;
    put_u32(to, (uint32_t)n + 4);
    put_u32(to + 4, (uint32_t)headers);
    put_u32(to + 8, llmfi_crc32(0, to, 8));
    return n + put_u32(to + n, llmfi_crc32(0, to, n));
}

static llmf_str frames(const char *lines) {
    static char bytes[4096];
    size_t n = 0;
    while (*lines) {
        const char *blank = strchr(lines, ' '), *end = strchr(lines, '\n');
        n += put_frame(bytes + n, llmfi_str(lines, (size_t)(blank - lines)), llmfi_str(blank + 1, (size_t)(end - blank - 1)));
        lines = end + 1;
    }
    return llmfi_str(bytes, n);
}
#endif

/* ---- calls ---- */

static void play(llmf_factory *f, llmf_recording *rec, const char *dialect, bool stream) {
    static llmf_header header;
    const char *body = body_of(dialect, stream);
    memset(rec, 0, sizeof *rec);
    if (!body) return;
    rec->body = llmfi_cstr(body);
    rec->chunk = 7;
    header.name = llmfi_cstr("Content-Type");
    header.value = llmfi_cstr("application/json");
    rec->headers = &header;
    rec->header_count = 1;
    if (stream) header.value = llmfi_cstr("text/event-stream");
    if (stream && strcmp(dialect, "OLLAMA") == 0) header.value = llmfi_cstr("application/x-ndjson");
#if LLMFI_HAS_EVENTSTREAM
    if (stream && strcmp(dialect, "BEDROCK") == 0) {
        header.value = llmfi_cstr("application/vnd.amazon.eventstream");
        rec->body = frames(body);
    }
#endif
    expect(llmf_replay(f, rec) == LLMF_OK, "llmf_replay", dialect);
}

static void answers(llmf_factory *f, const char *name, const char *dialect, bool stream) {
    bool mock = strcmp(dialect, "MOCK") == 0;
    llmf_recording rec;
    llmf_request req;
    llmf_response r;
    llmf_error err;
    char id[96];
    snprintf(id, sizeof id, "%s:any-model", name);
    play(f, &rec, dialect, stream);
    memset(&req, 0, sizeof req);
    req.prompt = "Hi";
    req.stream = stream;
    llmf_generate(f, llmf_get(f, id, &err), &req, &r);
    expect(r.error.code == LLMF_OK && llmfi_eq(r.text, llmfi_cstr(mock ? "You said: Hi" : "Hello.")), stream ? "a stream" : "an answer", r.error.code ? r.error.text : r.text.ptr);
    expect(r.finish == LLMF_FINISH_STOP && (mock || (r.usage.input == 3 && r.usage.output == 2)), "its end and tokens", id);
    llmf_release(f, &r);
}

static void embeds(llmf_factory *f, const char *name, const char *id, const char *dialect) {
    llmf_str text = llmfi_cstr("Hi");
    llmf_recording rec;
    llmf_request req;
    llmf_response r;
    llmf_input in;
    llmf_error err;
    char model[96];
    size_t i, n = sizeof vectors / sizeof vectors[0];
    for (i = 0; i < n; i++)
        if (strcmp(vectors[i][0], id) == 0 || strcmp(vectors[i][0], dialect) == 0) break;
    memset(&rec, 0, sizeof rec);
    rec.body = llmfi_cstr(i < n ? vectors[i][1] : "{}");
    memset(&req, 0, sizeof req);
    memset(&in, 0, sizeof in);
    snprintf(model, sizeof model, "%s:any-model", name);
    in.texts = &text;
    in.text_count = 1;
    req.op = LLMF_OP_EMBED;
    req.input = &in;
    llmf_replay(f, &rec);
    llmf_generate(f, llmf_get(f, model, &err), &req, &r);
    if (i == n) expect(r.error.code == LLMF_ERR_UNSUPPORTED, "embeds, though tests/alone.c has no reply for it", r.error.text);
    else expect(r.error.code == LLMF_OK && r.output && r.output->dimensions == 2 && r.output->vectors[0] > 0.49f && r.output->vectors[1] < -1.9f, "a vector", r.error.text);
    llmf_release(f, &r);
}

static void not_built(llmf_factory *f, const char *name, const char *macro) {
    llmf_error err;
    char id[96];
    snprintf(id, sizeof id, "%s:any-model", name);
    expect(!llmf_get(f, id, &err).id && err.code == LLMF_ERR_NOT_BUILT && strstr(err.text, macro) != NULL, macro, err.text);
}

static llmf_factory *open_for(const char *dialect) {
    llmf_factory *f;
    llmf_error err;
    llmf_desc d;
    memset(&d, 0, sizeof d);
    d.api_key = "key-of-a-recording";
    if (strcmp(dialect, "MOCK") != 0) {
        d.transport = "replay";
        d.base_url = "https://recorded.invalid"; /* a row's may have holes that only a config fills; nothing is sent */
    }
    f = llmf_open(&d, &err);
    if (f) return f;
    fprintf(stderr, "%s\n", err.text);
    exit(1);
}

int main(int argc, char **argv) {
    llmf_factory *f;
    char macro[96];
    bool left_out;
    const char *other;
    if (argc < 5) return 2;
    left_out = argv[1][0] == '-';
    other = strcmp(argv[2], "OPENAI") == 0 ? "ANTHROPIC" : "OPENAI";
    f = open_for(left_out ? other : argv[3]);
    if (left_out) {
        snprintf(macro, sizeof macro, "LLMF_NO_%s", argv[2]);
        not_built(f, argv[1] + 1, macro);
        answers(f, strcmp(other, "OPENAI") == 0 ? "openai" : "anthropic", other, false);
    } else {
        answers(f, argv[1], argv[3], false);
        answers(f, argv[1], argv[3], true);
        if (strcmp(argv[4], "1") == 0) embeds(f, argv[1], argv[2], argv[3]);
        snprintf(macro, sizeof macro, "LLMF_WITH_%s", other);
        not_built(f, strcmp(other, "OPENAI") == 0 ? "openai" : "anthropic", macro);
    }
    llmf_close(f);
    return failed != 0;
}
