/* llmf replay: recorded interactions through the real decode path. */
#ifndef LLMF_TOOL_REPLAY_H
#define LLMF_TOOL_REPLAY_H
#include "options.h"
#include "print.h"

/* Which dialect reads what a recorded operation answers. */
static const char *const replay_dialects[][2] = {
    {"chat_completions", "openai"}, {"chat_v1", "openai"}, {"messages", "anthropic"}, {"raw_predict", "anthropic"}, {"api_chat", "ollama"}, {"responses", "openai_responses"},
    {"generate_content", "gemini"}, {"stream_generate_content", "gemini"},
    {"chat_v2", "cohere"},
    {"converse", "bedrock"}, {"converse_stream", "bedrock"}, {"invoke", "bedrock"}, {"invoke_stream", "bedrock"},
};

/* Operations besides chat: the provider of the table that reads such replies; `holds`: where the body has this. */
static const struct {
    const char *operation, *holds, *provider;
    int op;
} replay_ops[] = {
    {"embeddings", "", "openai", LLMF_OP_EMBED},
    {"batch_embed_contents", "", "gemini", LLMF_OP_EMBED},
    {"embed_content", "", "gemini", LLMF_OP_EMBED},
    {"predict", "", "gemini", LLMF_OP_EMBED},
    {"embed_v2", "", "cohere", LLMF_OP_EMBED},
    {"invoke", "\"inputTextTokenCount\":", "bedrock", LLMF_OP_EMBED},
    {"invoke", "\"response_type\":", "bedrock", LLMF_OP_EMBED},
    {"api_embed", "", "ollama", LLMF_OP_EMBED},
    {"api_embeddings", "", "ollama", LLMF_OP_EMBED},
    {"feature_extraction", "", "huggingface", LLMF_OP_EMBED},
    {"audio_transcriptions", "", "openai", LLMF_OP_TRANSCRIBE},
    {"count_tokens", "", "anthropic", LLMF_OP_COUNT_TOKENS},
    {"responses_input_tokens", "", "openai_responses", LLMF_OP_COUNT_TOKENS},
    {"models", "", "openai", LLMF_OP_LIST_MODELS},
    {"api_tags", "", "ollama", LLMF_OP_LIST_MODELS},
};

/* AWS services that hold configuration: what a recording calls an operation, and what llmf_aws_decode does. */
static const char *const replay_services[][2] = {
    {"s3_get_object", "GetObject"}, {"s3_list_objects_v2", "ListObjectsV2"}, {"GetParameter", "GetParameter"}, {"GetSecretValue", "GetSecretValue"},
};

/* Dialects whose replies are another's: they differ in what is sent. */
static const char *const replay_faces[][2] = {{"azure", "openai"}};

typedef struct record {
    char *id, *provider, *operation, *model;
    bool stream;
    llmf_recording recording;
    llmf_header headers[256];
    text bytes;
} record;

static void record_headers(record *r, llmf_str json) {
    llmf_str key, v;
    size_t at = 0;
    while (r->recording.header_count < 256 && llmf_json_each(json, &at, &key, &v)) {
        char *value = json_text(v, NULL);
        if (!value) continue;
        r->headers[r->recording.header_count].name = key;
        r->headers[r->recording.header_count++].value = view(value);
    }
    r->recording.headers = r->headers;
}

static bool record_response(record *r, llmf_str json) {
    llmf_str key, v;
    size_t at = 0;
    bool body = false;
    while (llmf_json_each(json, &at, &key, &v)) {
        size_t len = 0;
        char *value = is(key, "body_text") || is(key, "body_b64") ? json_text(v, &len) : NULL;
        int64_t status;
        if (is(key, "status") && json_int(v, &status)) r->recording.status = (int)status;
        if (is(key, "headers")) record_headers(r, v);
        if (!value) continue;
        body = true;
        if (is(key, "body_text")) text_add(&r->bytes, value, len);
        else if (!from_base64(value, len, &r->bytes)) return false;
    }
    r->recording.body.ptr = r->bytes.ptr ? r->bytes.ptr : "";
    r->recording.body.len = r->bytes.len;
    return body;
}

/* False: not a recorded interaction. */
static bool parse_record(llmf_str json, record *r) {
    llmf_str key, v;
    size_t at = 0;
    bool response = false;
    memset(r, 0, sizeof *r);
    if (!llmf_json_valid(json, NULL)) return false;
    while (llmf_json_each(json, &at, &key, &v)) {
        if (is(key, "id")) r->id = json_text(v, NULL);
        if (is(key, "provider")) r->provider = json_text(v, NULL);
        if (is(key, "operation")) r->operation = json_text(v, NULL);
        if (is(key, "model")) r->model = json_text(v, NULL);
        if (is(key, "stream")) r->stream = json_true(v);
        if (is(key, "response")) response = record_response(r, v);
    }
    return response && r->operation;
}

static const char *dialect_of(const char *operation) {
    size_t i;
    for (i = 0; i < sizeof replay_dialects / sizeof replay_dialects[0]; i++)
        if (strcmp(replay_dialects[i][0], operation) == 0) return replay_dialects[i][1];
    return NULL;
}

static bool replies_like(llmf_str dialect, const char *other) {
    size_t i;
    for (i = 0; i < sizeof replay_faces / sizeof replay_faces[0]; i++)
        if (is(dialect, replay_faces[i][0]) && strcmp(replay_faces[i][1], other) == 0) return true;
    return is(dialect, other);
}

/* Which of replay_ops it is; -1: none. */
static int op_of(const record *r) {
    size_t i;
    for (i = 0; i < sizeof replay_ops / sizeof replay_ops[0]; i++)
        if (strcmp(replay_ops[i].operation, r->operation) == 0 && (!replay_ops[i].holds[0] || (r->bytes.ptr && strstr(r->bytes.ptr, replay_ops[i].holds)))) return (int)i;
    return -1;
}

/* The recorded provider where it is known and speaks that dialect, so that its quirks count; else the dialect's own. */
static const char *provider_of(llmf_factory *f, const char *provider, const char *dialect) {
    llmf_provider_info info;
    size_t i;
    for (i = 0; provider && llmf_provider_at(f, i, &info); i++)
        if (is(info.name, provider) && replies_like(info.dialect, dialect) && info.unavailable != LLMF_ERR_NOT_BUILT) return provider;
    return dialect;
}

static void replay_failed(const char *id, const llmf_error *e) {
    fputs("{\"id\":", stdout);
    put_json(stdout, view(id ? id : ""));
    fputs(",\"ok\":false,\"error\":", stdout);
    print_error(stdout, e);
    fputs("}\n", stdout);
}

static void replay_problem(const char *id, int code, const char *what) {
    llmf_error e;
    memset(&e, 0, sizeof e);
    e.code = code;
    e.retry_after_ms = LLMF_UNKNOWN;
    snprintf(e.text, sizeof e.text, "%s", what);
    replay_failed(id, &e);
}

/* What is asked does not matter: the reply is there. */
static void replay_request(llmf_request *req, const record *r, int op) {
    static llmf_input input;
    static llmf_str words;
    static llmf_part audio;
    words = view("(recorded)");
    audio.type = LLMF_PART_AUDIO;
    audio.data = "";
    audio.media_type = "audio/wav";
    input.texts = &words;
    input.text_count = 1;
    input.audio = &audio;
    memset(req, 0, sizeof *req);
    req->prompt = "(recorded)";
    req->max_tokens = 1;
    req->stream = r->stream;
    req->timeouts.idle_ms = req->timeouts.first_byte_ms = -1;
    req->op = op;
    req->input = &input;
}

/* Prints the line of one record. True if its reply was no error. */
static bool replay_call(llmf_factory *f, record *r, llmf_model m, int op) {
    llmf_request req;
    llmf_event ev;
    llmf_call c;
    unsigned long events = 0;
    bool ok = false;
    replay_request(&req, r, op);
    c = llmf_start(f, m, &req);
    do {
        while (llmf_next(f, c, &ev)) {
            events++;
            if (ev.type != LLMF_EVENT_DONE && ev.type != LLMF_EVENT_ERROR) continue;
            ok = ev.type == LLMF_EVENT_DONE;
            fputs("{\"id\":", stdout);
            put_json(stdout, view(r->id ? r->id : ""));
            fprintf(stdout, ",\"ok\":%s", ok ? "true" : "false");
            if (op) print_operation_members(stdout, ev.response, op);
            else print_response_members(stdout, ev.response);
            fprintf(stdout, ",\"events\":%lu}\n", events);
        }
    } while (llmf_poll(f, -1) > 0);
    llmf_free(f, c);
    return ok;
}

static const char *service_of(const char *operation) {
    size_t i;
    for (i = 0; i < sizeof replay_services / sizeof replay_services[0]; i++)
        if (strcmp(replay_services[i][0], operation) == 0) return replay_services[i][1];
    return NULL;
}

/* Prints the line of a service's reply: these come whole, so pieces make no difference. */
static bool replay_service(const record *r, const char *operation) {
    size_t cap = 8 * r->bytes.len + 128; /* a control character becomes six */
    char *out = (char *)get_memory(NULL, cap);
    llmf_error err;
    size_t n = llmf_aws_decode(operation, r->recording.status, r->recording.body, out, cap, &err);
    if (n) {
        fputs("{\"id\":", stdout);
        put_json(stdout, view(r->id ? r->id : ""));
        fprintf(stdout, ",\"ok\":true,%.*s,\"events\":1}\n", (int)(n - 2), out + 1);
    } else {
        replay_failed(r->id, &err);
    }
    free(out);
    return n != 0;
}

static bool replay_one(llmf_factory *f, llmf_str json, const llmf_recording *how) {
    record r;
    const char *dialect, *service;
    char *name;
    llmf_error err;
    llmf_model m;
    bool ok = false;
    int at;
    if (!parse_record(json, &r)) {
        replay_problem(r.id, LLMF_ERR_ARGUMENT, "not a recorded interaction: an object with operation and response.body_text or body_b64 is wanted");
        return false;
    }
    service = service_of(r.operation);
    if (service) {
        ok = replay_service(&r, service);
        free(r.bytes.ptr);
        return ok;
    }
    at = op_of(&r);
    dialect = at < 0 ? dialect_of(r.operation) : NULL;
    if (!dialect && at < 0) {
        replay_problem(r.id, LLMF_ERR_UNSUPPORTED, "this version does not read the replies of that operation");
        return false;
    }
    r.recording.chunk = how->chunk;
    r.recording.seed = how->seed;
    llmf_replay(f, &r.recording);
    name = (char *)get_memory(NULL, 512);
    snprintf(name, 512, "%s:%.400s", dialect ? provider_of(f, r.provider, dialect) : replay_ops[at].provider, r.model && r.model[0] ? r.model : "unknown");
    m = llmf_get(f, name, &err);
    if (m.id) ok = replay_call(f, &r, m, at < 0 ? (int)LLMF_OP_CHAT : replay_ops[at].op);
    else replay_failed(r.id, &err);
    free(name);
    free(r.bytes.ptr);
    return ok;
}

/* A file holds one record, or one a line (.jsonl). */
static bool replay_file(llmf_factory *f, const char *path, const llmf_recording *how) {
    text t = {NULL, 0, 0};
    size_t n = strlen(path), from = 0;
    bool ok = true;
    llmf_str all;
    if (!read_file(path, &t)) {
        replay_problem(path, LLMF_ERR_ARGUMENT, "cannot read this file");
        return false;
    }
    all.ptr = t.ptr;
    all.len = t.len;
    if (n < 6 || strcmp(path + n - 6, ".jsonl") != 0) {
        ok = replay_one(f, all, how);
    } else {
        while (from < t.len) {
            const char *end = (const char *)memchr(t.ptr + from, '\n', t.len - from);
            llmf_str line;
            line.ptr = t.ptr + from;
            line.len = (size_t)(end ? end - line.ptr : t.ptr + t.len - line.ptr);
            from += line.len + 1;
            if (line.len && strspn(line.ptr, " \r") < line.len) ok = replay_one(f, line, how) && ok;
        }
    }
    free(t.ptr);
    return ok;
}

/* N, each, or SEED:random. */
static void parse_chunk(const char *arg, llmf_recording *how) {
    char *end;
    unsigned long long n = strtoull(arg, &end, 10);
    if (strcmp(arg, "each") == 0) how->chunk = 1;
    else if (end != arg && strcmp(end, ":random") == 0) how->seed = n + 1;
    else if (end != arg && !*end && n > 0) how->chunk = (size_t)n;
    else die("--chunk takes a number of bytes, each, or SEED:random, not", arg);
}

static int run_replay(options *o, int argc, char **argv) {
    llmf_recording how;
    llmf_error err;
    llmf_factory *f;
    int i, files = 0;
    bool ok = true;
    memset(&how, 0, sizeof how);
    o->desc.transport = "replay";
    if (!o->desc.base_url) o->desc.base_url = "https://recorded.invalid"; /* a row's may have holes that only a config fills; nothing is sent */
    o->desc.memory_size = (size_t)256 << 20;
    f = llmf_open(&o->desc, &err);
    if (!f) die(err.text, NULL);
    for (i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--chunk") == 0) {
            parse_chunk(option_value(argc, argv, &i), &how);
        } else {
            ok = replay_file(f, argv[i], &how) && ok;
            files++;
        }
    }
    llmf_close(f);
    if (!files) die("replay needs at least one FILE", NULL);
    return ok ? EXIT_DONE : EXIT_FAILED;
}

#endif
