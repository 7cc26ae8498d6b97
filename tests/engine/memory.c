/* Memory: in each of many scenarios the Nth request to the heap is refused, for every N, once and from then on. The code must be right, the final event one,
   nothing may leak, and the factory must work afterwards. Then how little is enough, and that nothing is allocated after llmf_open. */
#include "kit.h"
#include "alloc.h"
#include "server.h"
#include <dirent.h>

#define CONFIG "models: {fast: {provider: openai, model_id: m-1, temperature: 0.5, stop: [END], headers: {X-A: b}, extra: {logit_bias: {a: 1}}}, slow: {provider: ollama, model_id: l}}\n" \
    "providers: {mine: {dialect: openai, base_url: \"http://mine/v1\", api_key_env_var: NONE}}\n"
#define SMALL_BLOCK (1 << 19)

static server the_server;

typedef struct stage {
    llmf_factory *f;
    llmf_model m;
    kit_seen seen;
    const char *text;              /* what the whole answer would be; NULL: none */
} stage;

typedef struct scenario {
    const char *name, *model;      /* model: got before memory runs out */
    const char *body;
    int status, code;              /* what it ends with while there is memory */
    size_t chunk;
    int (*run)(stage *s);
    const char *text;
} scenario;

static int finals_wrong, text_wrong;

/* The code of a call that has been run to its end. */
static int one_call(stage *s, llmf_request *req, int cancel_after) {
    llmf_call c = llmf_start(s->f, s->m, req);
    llmf_error err;
    llmf_event ev;
    int code, i;
    kit_forget(&s->seen);
    if (!c.id) {
        llmf_last_error(s->f, &err);
        return err.code;
    }
    if (req->on_event) req->on_event_user = NULL;
    for (i = 0; i < 20000 && !s->seen.finals; i++) {
        while ((cancel_after == 0 || s->seen.events < cancel_after) && llmf_next(s->f, c, &ev)) kit_see(&s->seen, &ev);
        if (cancel_after && s->seen.events >= cancel_after) {
            llmf_cancel(s->f, c);
            kit_take(s->f, c, &s->seen);
        }
        if (!s->seen.finals) llmf_poll(s->f, 0);
    }
    if (s->seen.finals != 1) finals_wrong++;
    code = s->seen.code;
    if (s->text && code == LLMF_OK && s->seen.response.text.len != strlen(s->text)) text_wrong++;
    if (s->text && (s->seen.response.text.len > strlen(s->text) || memcmp(s->seen.response.text.ptr, s->text, s->seen.response.text.len) != 0)) text_wrong++;
    llmf_free(s->f, c);
    return code;
}

static int run_plain(stage *s) {
    llmf_request req = kit_request(false);
    return one_call(s, &req, 0);
}

static int run_stream(stage *s) {
    llmf_request req = kit_request(true);
    return one_call(s, &req, 0);
}

static int run_raw(stage *s) {
    llmf_request req = kit_request(true);
    req.flags = LLMF_KEEP_RAW;
    return one_call(s, &req, 0);
}

static int run_discard(stage *s) {
    llmf_request req = kit_request(true);
    req.flags = LLMF_DISCARD_TEXT | LLMF_BORROW;
    return one_call(s, &req, 0);
}

static int run_cancel(stage *s) {
    llmf_request req = kit_request(true);
    return one_call(s, &req, 3);
}

static int full_request(stage *s, const char *choice) {
    static const unsigned char png[100] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    static const char *const stop[] = {"A", "B"};
    llmf_part part[2];
    llmf_tool_call call;
    llmf_message m[4];
    llmf_tool tool[2];
    llmf_request req;
    memset(part, 0, sizeof part), memset(&call, 0, sizeof call), memset(m, 0, sizeof m), memset(tool, 0, sizeof tool), memset(&req, 0, sizeof req);
    part[0].type = LLMF_PART_IMAGE, part[0].data = png, part[0].data_len = sizeof png;
    part[1].text = "and this";
    call.id = kit_str("call_a"), call.name = kit_str("look"), call.arguments = kit_str("{\"at\":1}");
    m[0].role = LLMF_SYSTEM, m[0].content = "Be brief.";
    m[1].content = "Look", m[1].parts = part, m[1].part_count = 2;
    m[2].role = LLMF_ASSISTANT, m[2].tool_calls = &call, m[2].tool_call_count = 1;
    m[3].role = LLMF_TOOL, m[3].tool_call_id = kit_str("call_a"), m[3].content = "Sun";
    tool[0].name = "look", tool[0].description = "Looks", tool[0].parameters = "{\"type\":\"object\",\"properties\":{\"at\":{\"type\":\"integer\"}}}";
    tool[1].name = "go";
    req.messages = m, req.message_count = 4, req.tools = tool, req.tool_count = 2, req.tool_choice = choice;
    req.format = "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}}}";
    req.extra = "{\"metadata\":{\"a\":[1,2,3]}}";
    req.stop = stop, req.stop_count = 2;
    req.stream = true;
    return one_call(s, &req, 0);
}

static int run_full_request(stage *s) {
    return full_request(s, "look");
}

static int run_full_ollama(stage *s) { /* which cannot be made to call a tool */
    return full_request(s, NULL);
}

static int run_preview(stage *s) {
    llmf_request req = kit_request(true);
    llmf_preview p;
    int code = (int)llmf_preview_request(s->f, s->m, &req, &p);
    if (code == LLMF_OK && (!llmf_json_valid(p.body, NULL) || !p.url.len)) text_wrong++;
    llmf_free(s->f, p.call);
    return code;
}

static int run_generate(stage *s) {
    llmf_request req = kit_request(true);
    llmf_response r;
    int code = (int)llmf_generate(s->f, s->m, &req, &r);
    if (code != r.error.code) finals_wrong++;
    llmf_release(s->f, &r);
    return code;
}

static int run_callback(stage *s) {
    llmf_request req = kit_request(true);
    llmf_error err;
    llmf_call c;
    int i;
    kit_forget(&s->seen);
    req.on_event = kit_on_event;
    req.on_event_user = &s->seen;
    c = llmf_start(s->f, s->m, &req);
    if (!c.id) {
        llmf_last_error(s->f, &err);
        return err.code;
    }
    for (i = 0; i < 1000 && !s->seen.finals; i++) llmf_poll(s->f, 0);
    if (s->seen.finals != 1) finals_wrong++;
    llmf_free(s->f, c);
    return s->seen.code;
}

/* Four at once: one that runs out of memory must not disturb the others. */
static int run_four(stage *s) {
    llmf_call c[4];
    kit_seen seen[4];
    int i, round, worst = LLMF_OK, memory = 0;
    memset(seen, 0, sizeof seen);
    for (i = 0; i < 4; i++) {
        llmf_request req = kit_request(true);
        c[i] = llmf_start(s->f, s->m, &req);
    }
    for (round = 0; round < 1000; round++) {
        llmf_poll(s->f, 0);
        for (i = 0; i < 4; i++) kit_take(s->f, c[i], &seen[i]);
    }
    for (i = 0; i < 4; i++) {
        if (c[i].id && seen[i].finals != 1) finals_wrong++;
        if (!c[i].id || seen[i].code == LLMF_ERR_MEMORY) memory++;
        else if (seen[i].code != LLMF_OK) worst = seen[i].code;
        else if (strcmp(kit_cstr(&seen[i].text), s->text) != 0) text_wrong++;
        llmf_free(s->f, c[i]);
        kit_forget(&seen[i]);
    }
    return worst != LLMF_OK ? worst : memory ? LLMF_ERR_MEMORY : LLMF_OK;
}

static int run_get(stage *s) {
    llmf_error err;
    err.code = LLMF_OK;
    return llmf_get(s->f, "anthropic:claude-sonnet-5", &err).id ? LLMF_OK : err.code;
}

static int run_get_config(stage *s) {
    llmf_error err;
    err.code = LLMF_OK;
    return llmf_get(s->f, "fast", &err).id ? LLMF_OK : err.code;
}

static int run_create(stage *s) {
    llmf_error err;
    llmf_model m;
    err.code = LLMF_OK;
    m = llmf_create(s->f, "openai:m-1", "{temperature: 0, max_tokens: 9, headers: {X-Y: z}}", &err);
    llmf_drop(s->f, m);
    return m.id ? LLMF_OK : err.code;
}

static int run_reload(stage *s) {
    llmf_error err;
    int code = (int)llmf_reload(s->f, &err);
    return code == err.code ? code : -1;
}

static int run_fresh(stage *s) {
    llmf_error err;
    err.code = LLMF_OK;
    return llmf_get_fresh(s->f, "slow", &err).id ? LLMF_OK : err.code;
}

static int run_register(stage *s) {
    llmf_error err;
    llmf_provider_desc p;
    llmf_model_info info;
    int code;
    memset(&p, 0, sizeof p);
    p.name = "toys", p.dialect = "openai", p.base_url = "http://toys/v1", p.key_env = "TOYS", p.default_model = "bear", p.config = "{quirks: {no_strict: true}}";
    code = s->f->registered_count ? LLMF_OK : (int)llmf_register(s->f, &p, &err); /* it may be there from the time before */
    if (code != LLMF_OK) return code;
    s->m = llmf_get(s->f, "toys:bear", &err);
    if (!s->m.id) return err.code;
    return (int)llmf_describe(s->f, s->m, &info);
}

static void no_body(void *user, const llmf_request *req, const llmf_model_info *info, llmf_out *out) {
    (void)user, (void)req, (void)info;
    llmf_out_write(out, "{}", 2);
}
static void no_frame(void *user, llmf_reply *r, llmf_str event, llmf_str data) {
    (void)user, (void)event;
    llmf_reply_text(r, data);
    llmf_reply_done(r);
}

static int run_dialect(stage *s) {
    llmf_error err;
    llmf_dialect d;
    if (s->f->handles.dialect_count) return LLMF_OK;
    memset(&d, 0, sizeof d);
    d.name = "none", d.body = no_body, d.on_frame = no_frame;
    return (int)llmf_register_dialect(s->f, &d, &err);
}

static int run_lists(stage *s) {
    llmf_model_info m;
    llmf_provider_info p;
    size_t i, n = 0;
    for (i = 0; llmf_model_at(s->f, i, &m); i++) n += m.name.len > 0;
    for (i = 0; llmf_provider_at(s->f, i, &p); i++) n += p.name.len > 0;
    return n > 30 ? LLMF_OK : LLMF_ERR_MEMORY;
}

#define SIGNED "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"model\":\"c\",\"usage\":{\"input_tokens\":1,\"output_tokens\":1}}}\n\n" \
    "data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}}\n\n" \
    "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"Hm\\u0020\"}}\n\n" \
    "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"signature_delta\",\"signature\":\"Eq==\"}}\n\n" \
    "data: {\"type\":\"content_block_stop\",\"index\":0}\n\n" \
    "data: {\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":\"tool_use\",\"id\":\"toolu_1\",\"name\":\"look\",\"input\":{}}}\n\n" \
    "data: {\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"a\\\":1}\"}}\n\n" \
    "data: {\"type\":\"content_block_stop\",\"index\":1}\n\n" \
    "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"tool_use\"},\"usage\":{\"output_tokens\":4}}\n\ndata: {\"type\":\"message_stop\"}\n\n"
#define LINES "{\"model\":\"l\",\"message\":{\"role\":\"assistant\",\"content\":\"Hel\"},\"done\":false}\n{\"model\":\"l\",\"message\":{\"role\":\"assistant\",\"content\":\"lo\"},\"done\":false}\n" \
    "{\"model\":\"l\",\"message\":{\"role\":\"assistant\",\"content\":\"\"},\"done\":true,\"done_reason\":\"stop\",\"eval_count\":2}\n"
#define PLAIN "{\"id\":\"x\",\"model\":\"m-1\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"Y\\u00e9s\",\"tool_calls\":[{\"id\":\"a\",\"type\":\"function\"," \
    "\"function\":{\"name\":\"look\",\"arguments\":\"{}\"}}]},\"finish_reason\":\"stop\"}],\"citations\":[\"https://a.example\"]}"

static char long_body[400000], long_text[200000];

static scenario scenarios[] = {
    {"get", NULL, NULL, 0, LLMF_OK, 0, run_get, NULL},
    {"get of the config", NULL, NULL, 0, LLMF_OK, 0, run_get_config, NULL},
    {"create and drop", NULL, NULL, 0, LLMF_OK, 0, run_create, NULL},
    {"reload", NULL, NULL, 0, LLMF_OK, 0, run_reload, NULL},
    {"get_fresh", NULL, NULL, 0, LLMF_OK, 0, run_fresh, NULL},
    {"register a provider", NULL, NULL, 0, LLMF_OK, 0, run_register, NULL},
    {"register a dialect", NULL, NULL, 0, LLMF_OK, 0, run_dialect, NULL},
    {"lists", NULL, NULL, 0, LLMF_OK, 0, run_lists, NULL},
    {"plain", "openai:m-1", PLAIN, 200, LLMF_OK, 0, run_plain, "Y\xc3\xa9s"},
    {"plain, byte by byte", "openai:m-1", PLAIN, 200, LLMF_OK, 1, run_plain, "Y\xc3\xa9s"},
    {"stream", "fast", KIT_STORY, 200, LLMF_OK, 0, run_stream, KIT_STORY_TEXT},
    {"stream, byte by byte", "openai:m-1", KIT_STORY, 200, LLMF_OK, 1, run_stream, KIT_STORY_TEXT},
    {"tools", "openai:m-1", KIT_TOOLS, 200, LLMF_OK, 13, run_stream, "I look."},
    {"reasoning", "anthropic:m-1", SIGNED, 200, LLMF_OK, 7, run_stream, ""},
    {"lines", "ollama:l", LINES, 200, LLMF_OK, 5, run_stream, "Hello"},
    {"image, tools, schema, extra", "openai:m-1", KIT_STORY, 200, LLMF_OK, 0, run_full_request, KIT_STORY_TEXT},
    {"the same for anthropic", "anthropic:m-1", SIGNED, 200, LLMF_OK, 0, run_full_request, ""},
    {"the same for ollama", "ollama:l", LINES, 200, LLMF_OK, 0, run_full_ollama, "Hello"},
    {"error reply", "openai:m-1", "{\"error\":{\"message\":\"Incorrect API key\",\"code\":\"invalid_api_key\"}}", 401, LLMF_ERR_AUTH, 3, run_stream, ""},
    {"error inside", "openai:m-1", KIT_CHUNK("{\"content\":\"Half\"}") "data: {\"error\":{\"message\":\"broke\",\"code\":503}}\n\n", 200, LLMF_ERR_OVERLOADED, 0, run_stream, "Half"},
    {"preview", "openai:m-1", NULL, 0, LLMF_OK, 0, run_preview, NULL},
    {"four at once", "openai:m-1", KIT_STORY, 200, LLMF_OK, 50, run_four, KIT_STORY_TEXT},
    {"cancel", "openai:m-1", KIT_STORY, 200, LLMF_ERR_CANCELLED, 90, run_cancel, KIT_STORY_TEXT},
    {"callback", "openai:m-1", KIT_TOOLS, 200, LLMF_OK, 20, run_callback, NULL},
    {"generate", "openai:m-1", KIT_TOOLS, 200, LLMF_OK, 20, run_generate, NULL},
    {"raw", "openai:m-1", KIT_STORY, 200, LLMF_OK, 30, run_raw, KIT_STORY_TEXT},
    {"discard", "openai:m-1", KIT_STORY, 200, LLMF_OK, 30, run_discard, ""},
    {"long", "openai:m-1", long_body, 200, LLMF_OK, 1000, run_stream, long_text},
};

static char block[SMALL_BLOCK];

static const char *const environment[] = {"OPENAI_API_KEY", "sk-memory", NULL};

static llmf_desc small_desc(kit_world *w) {
    llmf_desc d = kit_desc(w);
    w->env = environment;
    d.memory = block;
    d.memory_size = sizeof block;
    d.config_text = CONFIG;
    d.transport = "replay";
    d.max_calls = 8;
    d.recv_size = 1024;
    return d;
}

/* A fresh stage. False: the factory cannot be opened. */
static void set_stage(stage *s, const scenario *k, llmf_recording *r, kit_world *w) {
    llmf_desc d = small_desc(w);
    llmf_error err;
    memset(s, 0, sizeof *s);
    s->text = k->text;
    s->f = llmf_open(&d, &err);
    if (!s->f) fail_msg("%s: %s", k->name, err.text);
    *r = kit_recording(k->status, k->body ? k->body : "");
    r->chunk = k->chunk;
    if (k->run == run_cancel) r->stall_at = 900; /* so that it is under way */
    llmf_replay(s->f, r);
    if (!k->model) return;
    s->m = llmf_get(s->f, k->model, &err);
    if (!s->m.id) fail_msg("%s: %s", k->name, err.text);
}

static void clear_stage(stage *s, kit_world *w) {
    bool registered = s->f->registered_count || s->f->handles.dialect_count; /* kept in the block to its end */
    kit_forget(&s->seen);
    llmf_close(s->f);
    if (!registered && s->f->heap.used) fail_msg("%zu bytes are not given back by llmf_close", s->f->heap.used); /* the block is ours: it can still be read */
    kit_drop(&w->log);
}

static unsigned long refusals, in_vain;

/* Refuses request N of the scenario. False: it made fewer. */
static bool refuse(const scenario *k, uint64_t n, bool on, size_t settled) {
    stage s;
    llmf_recording r;
    kit_world w;
    int code, again;
    uint64_t asked;
    set_stage(&s, k, &r, &w);
    llmf_fail_memory(s.f, n, on);
    asked = s.f->heap.requests;
    finals_wrong = text_wrong = 0;
    code = k->run(&s);
    asked = s.f->heap.requests - asked;
    llmf_fail_memory(s.f, 0, false);
    if (code != k->code && (code != LLMF_ERR_MEMORY || asked < n)) fail_msg("%s, request %d%s refused: %s: %s", k->name, (int)n, on ? " and all after it" : "", llmf_result_name(code), s.seen.error);
    if (finals_wrong || text_wrong) fail_msg("%s, request %d%s: %d final events wrong, %d texts", k->name, (int)n, on ? " and all after it" : "", finals_wrong, text_wrong);
    if (code == k->code && asked >= n) in_vain++;
    again = k->run(&s);
    if (again == k->code) again = k->run(&s);
    if (again != k->code) fail_msg("%s, after request %d%s was refused it works no more: %s %s", k->name, (int)n, on ? " and all after it" : "", llmf_result_name(again), s.seen.error);
    if (kit_used(s.f) != settled) fail_msg("%s, request %d%s: %ld bytes leaked", k->name, (int)n, on ? " and all after it" : "", (long)kit_used(s.f) - (long)settled);
    clear_stage(&s, &w);
    if (asked >= n) refusals++;
    return asked >= n;
}

static void each_request_refused(void **state) {
    size_t i;
    long n;
    int on;
    (void)state;
    for (n = 0, i = 0, long_text[0] = '\0'; i + 400 < sizeof long_body; n++) {
        i += (size_t)sprintf(long_body + i, KIT_CHUNK("{\"content\":\"%ld \"}"), n % 10);
        sprintf(long_text + 2 * n, "%ld ", n % 10);
    }
    strcpy(long_body + i, KIT_FINISH("stop") KIT_DONE);
    for (i = 0; i < KIT_COUNT(scenarios); i++) {
        const scenario *k = &scenarios[i];
        stage s;
        llmf_recording r;
        kit_world w;
        size_t settled;
        uint64_t before, requests;
        unsigned long vain = in_vain;
        int code;
        set_stage(&s, k, &r, &w);
        before = s.f->heap.requests;
        code = k->run(&s);
        requests = s.f->heap.requests - before;
        if (code != k->code) fail_msg("%s: %s %s", k->name, llmf_result_name(code), s.seen.error);
        k->run(&s);
        k->run(&s);
        settled = kit_used(s.f);
        k->run(&s);
        assert_int_equal(kit_used(s.f), settled);
        clear_stage(&s, &w);
        for (on = 0; on < 2; on++) {
            uint64_t at = 1;
            while (refuse(k, at, on != 0, settled)) at++;
        }
        printf("%-28s %4u requests, not needed %lu times\n", k->name, (unsigned)requests, in_vain - vain);
    }
    printf("%lu requests refused in %zu scenarios, %lu of them not needed\n", refusals, KIT_COUNT(scenarios), in_vain);
}

static int open_files(void) {
    DIR *d = opendir("/proc/self/fd");
    int n = 0;
    if (!d) return 0;
    while (readdir(d)) n++;
    closedir(d);
    return n;
}

/* llmf_open in its two steps, with the heap told to refuse in between. */
static llmf_factory *open_refusing(const llmf_desc *given, uint64_t n, bool on, llmf_error *err, uint64_t *asked) {
    llmf_desc d = *given;
    llmf_factory *f;
    llmfi_error_clear(err);
    llmfi_fill_desc(&d);
    f = llmfi_lay_out(&d, d.memory, err);
    if (!f) return NULL;
    f->block_size = d.memory_size;
    f->alloc = llmfi_stdlib_alloc;
    f->heap.fail_at = n;
    f->heap.fail_on = on;
    if (llmfi_start_up(f, err)) {
        *asked = f->heap.requests;
        return f;
    }
    *asked = f->heap.requests;
    llmf_close(f);
    return NULL;
}

static void open_refused(void **state) {
    static const char *const transports[] = {"replay", "socket", NULL};
    size_t t;
    int on, files = open_files();
    (void)state;
    for (t = 0; t < KIT_COUNT(transports); t++) {
        unsigned opened = 0, failed = 0;
        for (on = 0; on < 2; on++) {
            uint64_t n, asked = 1;
            for (n = 1; n <= asked || n == 1; n++) {
                kit_world w;
                llmf_desc d = small_desc(&w);
                llmf_error err;
                llmf_factory *f;
                d.transport = transports[t];
                memset(block, 0xA5, sizeof block);
                f = open_refusing(&d, n, on != 0, &err, &asked);
                if (asked >= n) asked = n + 1; /* it was reached: there may be more */
                if (f) {
                    opened++;
                    llmf_fail_memory(f, 0, false);
                    assert_true(llmf_get(f, "fast", &err).id != 0);
                    llmf_close(f);
                } else {
                    failed++;
                    if (err.code != LLMF_ERR_MEMORY) fail_msg("open, request %d refused: %s %s", (int)n, llmf_result_name(err.code), err.text);
                    assert_true(kit_has(err.text, "memory_size"));
                }
                kit_drop(&w.log);
            }
            if (on) printf("open with %s: %u times refused, %u times opened all the same\n", transports[t] ? transports[t] : "all transports", failed, opened);
            assert_true(failed >= 7);
        }
    }
    assert_int_equal(open_files(), files);
}

/* Blocks from nothing up to enough. */
static void open_in_growing_blocks(void **state) {
    size_t size, first = 0;
    int files = open_files();
    (void)state;
    for (size = 1; size < sizeof block && first == 0; size += size < 4096 ? 61 : 509) {
        kit_world w;
        llmf_desc d = small_desc(&w);
        llmf_error err;
        llmf_factory *f;
        d.memory_size = size;
        memset(block, 0xA5, sizeof block);
        f = llmf_open(&d, &err);
        if (f) {
            llmf_recording r = kit_recording(200, KIT_STORY);
            llmf_request req = kit_request(true);
            llmf_response res;
            llmf_model m;
            first = size;
            llmf_replay(f, &r);
            m = llmf_get(f, "openai:m-1", &err);
            assert_true(m.id || err.code == LLMF_ERR_MEMORY);
            if (m.id) {
                int code = (int)llmf_generate(f, m, &req, &res);
                assert_true(code == LLMF_OK || code == LLMF_ERR_MEMORY);
                llmf_release(f, &res);
            }
            llmf_close(f);
        } else if (err.code != LLMF_ERR_MEMORY) {
            fail_msg("%zu bytes: %s %s", size, llmf_result_name(err.code), err.text);
        }
        assert_int_equal((unsigned char)block[size], 0xA5); /* nothing behind the block */
        kit_drop(&w.log);
    }
    assert_true(first > 0);
    printf("a factory with two models opens in %zu bytes\n", first);
    assert_int_equal(open_files(), files);
}

/* What llmf_min_memory says is enough for max_calls calls at once, and a reload. */
static void min_memory_is_enough(void **state) {
    llmf_recording r = kit_recording(200, KIT_TOOLS);
    int calls;
    (void)state;
    for (calls = 1; calls <= 16; calls *= 4) {
        kit_world w;
        llmf_desc d = small_desc(&w);
        llmf_error err;
        llmf_factory *f;
        llmf_model m;
        llmf_call c[16];
        kit_seen s[16];
        llmf_memory_info info;
        int i, k;
        memset(s, 0, sizeof s);
        d.memory = NULL;
        d.memory_size = 0;
        d.max_calls = calls;
        d.alloc = kit_alloc;
        d.memory_size = llmf_min_memory(&d);
        assert_true(d.memory_size > 0);
        assert_int_equal(w.blocks, w.released);
        f = llmf_open(&d, &err);
        if (!f) fail_msg("%zu bytes are not enough: %s", d.memory_size, err.text);
        llmf_replay(f, &r);
        m = llmf_get(f, "fast", &err);
        for (i = 0; i < calls; i++) {
            llmf_request req = kit_request(true);
            c[i] = llmf_start(f, m, &req);
            assert_true(c[i].id != 0);
        }
        assert_int_equal(llmf_reload(f, &err), LLMF_OK);
        for (k = 0; k < 50; k++) {
            llmf_poll(f, 0);
            for (i = 0; i < calls; i++) kit_take(f, c[i], &s[i]);
        }
        for (i = 0; i < calls; i++) {
            if (s[i].code != LLMF_OK || !s[i].finals) fail_msg("call %d of %d in %zu bytes: %s", i, calls, d.memory_size, s[i].error);
            kit_forget(&s[i]);
        }
        llmf_memory(f, &info);
        printf("%2d calls: llmf_min_memory %zu, permanent %zu, high water %zu\n", calls, d.memory_size, info.permanent, info.high_water);
        assert_true(info.permanent + info.high_water <= d.memory_size);
        llmf_close(f);
        assert_int_equal(w.blocks, w.released);
        kit_drop(&w.log);
    }
}

/* The heap deals in powers of two: a call that outgrows its page takes two, and a thousand calls twice the memory. */
static void a_call_keeps_to_its_page(void **state) {
    (void)state;
    printf("a call: %zu bytes\n", sizeof(llmfi_call));
    assert_true(sizeof(llmfi_call) <= 4096);
}

/* ---- a long answer through a small block; nothing allocated by anybody ---- */

typedef struct counted {
    size_t bytes;
    unsigned long events, sum;
    int finals, code;
} counted;

static int on_counted(void *user, const llmf_event *ev) {
    counted *k = (counted *)user;
    k->events++;
    if (ev->type == LLMF_EVENT_TEXT) k->bytes += ev->text.len, k->sum += (unsigned char)ev->text.ptr[0];
    if (ev->response) {
        k->finals++;
        k->code = ev->response->error.code;
    }
    return LLMF_CONTINUE;
}

static void long_answer(const char *name, const char *path, size_t at_least, size_t memory) {
    static char small[1 << 17];
    char base[160];
    llmf_desc d;
    llmf_error err;
    llmf_factory *f;
    llmf_request req = kit_request(true);
    llmf_memory_info info;
    llmf_model m;
    llmf_call c;
    counted k;
    double until = kit_seconds() + 30;
    memset(&d, 0, sizeof d), memset(&k, 0, sizeof k);
    snprintf(base, sizeof base, "%s%s", the_server.base, path);
    d.memory = small;
    d.memory_size = memory;
    d.recv_size = 4096;
    d.max_calls = 1;
    d.max_connections = 1;
    d.max_models = 1;
    d.max_response = 1 << 30;
    d.transport = "socket";
    d.base_url = base;
    d.api_key = "sk-small-memory";
    d.no_env = true;
    f = llmf_open(&d, &err);
    if (!f) fail_msg("%s", err.text);
    alloc_begin();
    m = llmf_get(f, name, &err);
    req.flags = LLMF_DISCARD_TEXT;
    req.max_tokens = 1000000;
    req.on_event = on_counted;
    req.on_event_user = &k;
    c = llmf_start(f, m, &req);
    while (!k.finals && kit_seconds() < until) llmf_poll(f, 100);
    llmf_free(f, c);
    alloc_end();
    llmf_memory(f, &info);
    printf("%s: %zu bytes of text in %lu events: permanent %zu, high water %zu of a block of %zu; allocations in the whole process after llmf_open: %lu%s\n", name, k.bytes, k.events,
           info.permanent, info.high_water, memory, alloc_all, ALLOC_COUNTED ? "" : " (not counted in this build)");
    assert_int_equal(k.finals, 1);
    if (k.code != LLMF_OK) fail_msg("%s: %s", name, llmf_result_name(k.code));
    assert_true(k.bytes >= at_least);
    assert_true(info.permanent + info.high_water < 65536);
    assert_int_equal(alloc_all, 0);
    llmf_close(f);
}

static void a_megabyte_through_64_kb(void **state) {
    (void)state;
    if (!the_server.pid) skip();
    long_answer("ollama:story", "/n200000", 1000000, 65536);
    long_answer("openai:story", "/n200000", 1000000, 65536);
    long_answer("anthropic:story", "/n200000", 1000000, 65536);
}

/* The same over a connection of our own: what HTTP and the pool ask for is refused too. */
static void refused_on_the_wire(void **state) {
    static const char *const models[] = {"openai:story", "anthropic:story", "ollama:story"};
    static const char *const paths[] = {"", "/x-chunk-1", "/x-status-500"};
    unsigned long refused = 0;
    size_t m, p;
    int on;
    (void)state;
    if (!the_server.pid) skip();
    for (m = 0; m < 3; m++)
        for (p = 0; p < 3; p++)
            for (on = 0; on < 2; on++) {
                uint64_t n, asked = 1;
                for (n = 1; n <= asked; n++) {
                    stage s;
                    kit_world w;
                    llmf_desc d = small_desc(&w);
                    char base[128];
                    llmf_request req = kit_request(true);
                    llmf_response r;
                    uint64_t before;
                    int code, right = p == 2 ? LLMF_ERR_SERVER : LLMF_OK;
                    memset(&s, 0, sizeof s);
                    snprintf(base, sizeof base, "%s%s", the_server.base, paths[p]);
                    d.transport = "socket", d.base_url = base, d.api_key = "sk-memory", d.clock_ns = NULL;
                    s.f = llmf_open(&d, NULL);
                    s.m = llmf_get(s.f, models[m], NULL);
                    before = s.f->heap.requests;
                    llmf_fail_memory(s.f, n, on != 0);
                    code = (int)llmf_generate(s.f, s.m, &req, &r);
                    if (code != right && code != LLMF_ERR_MEMORY) fail_msg("%s%s, request %d: %s: %s", models[m], paths[p], (int)n, llmf_result_name(code), r.error.text);
                    if (r.call.id) llmf_release(s.f, &r);
                    if (s.f->heap.requests - before >= n) asked = n + 1, refused++;
                    llmf_fail_memory(s.f, 0, false);
                    code = (int)llmf_generate(s.f, s.m, &req, &r);
                    if (code != right) fail_msg("%s%s, after request %d: %s", models[m], paths[p], (int)n, r.error.text);
                    llmf_release(s.f, &r);
                    clear_stage(&s, &w);
                }
            }
    printf("%lu requests refused over the wire\n", refused);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_request_refused),
        cmocka_unit_test(refused_on_the_wire),
        cmocka_unit_test(open_refused),
        cmocka_unit_test(open_in_growing_blocks),
        cmocka_unit_test(min_memory_is_enough),
        cmocka_unit_test(a_call_keeps_to_its_page),
        cmocka_unit_test(a_megabyte_through_64_kb),
    };
    int failed;
    server_start(&the_server);
    failed = cmocka_run_group_tests_name("memory", tests, NULL, NULL);
    server_stop(&the_server);
    return failed;
}
