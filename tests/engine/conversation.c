/* Conversations as JSON: what is written, all of it back byte for byte, any conversation, bad files with their place, cut at every byte, files that are replaced whole,
   short of memory at every allocation. */
#include "kit.h"
#include <sys/stat.h>

static kit_world w;
static llmf_factory *f;
static llmf_error err;

static int setup(void **state) {
    llmf_desc d = kit_desc(&w);
    (void)state;
    d.no_env = true;
    d.memory_size = 4u << 20;
    f = llmf_open(&d, &err);
    return f ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    llmf_close(f);
    kit_drop(&w.log);
    return 0;
}

static const llmf_str from_file = {NULL, 0};

/* ---- what is written ---- */

static llmf_part parts[3];
static llmf_tool_call calls[3];
static llmf_message talk[5];
static const unsigned char picture[] = {0, 255, 1, 254, 0};

static llmf_message message(int role, const char *content) {
    llmf_message m;
    memset(&m, 0, sizeof m);
    m.role = role;
    m.content = content;
    m.state = m.reasoning = m.tool_call_id = m.name = kit_str("");
    return m;
}

static llmf_tool_call call_of(const char *id, const char *name, const char *arguments) {
    llmf_tool_call c;
    c.id = kit_str(id);
    c.name = kit_str(name);
    c.arguments = kit_str(arguments);
    c.invalid = false;
    return c;
}

static void make(void) {
    memset(parts, 0, sizeof parts);
    parts[0].text = "look:";
    parts[1].type = LLMF_PART_IMAGE;
    parts[1].data = picture;
    parts[1].data_len = sizeof picture;
    parts[1].media_type = "image/png";
    parts[1].detail = "low";
    parts[2].type = LLMF_PART_FILE;
    parts[2].url = "https://a.test/x?a=1&b=\"2\"";
    parts[2].name = "x.pdf";
    calls[0] = call_of("c1", "look", "{\"a\": [1,\n2.50]}");
    calls[1] = call_of("c2", "go", "{\"cut");
    calls[1].invalid = true;
    calls[2] = call_of("c3", "go", " {} ");
    talk[0] = message(LLMF_SYSTEM, "Be \"kind\"\n\xc3\xa9");
    talk[1] = message(LLMF_USER, NULL);
    talk[1].parts = parts;
    talk[1].part_count = 3;
    talk[2] = message(LLMF_ASSISTANT, "I look.");
    talk[2].tool_calls = calls;
    talk[2].tool_call_count = 3;
    talk[2].state = kit_str("{\"signature\":\"a/b+c==\\u0000\"}");
    talk[2].reasoning = kit_str("Hmm.");
    talk[3] = message(LLMF_TOOL, "");
    talk[3].tool_call_id = kit_str("c1");
    talk[3].name = kit_str("look");
    talk[3].is_error = true;
    talk[4] = message(LLMF_USER, "nul\0inside");
    talk[4].content_len = 10;
}

static const char written[] =
    "{\"llmf_conversation\":1,\"system\":\"s\",\"messages\":[\n"
    "{\"role\":\"system\",\"content\":\"Be \\\"kind\\\"\\n\xc3\xa9\"}\n"
    ",{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"look:\"},{\"type\":\"image\",\"data\":\"AP8B/gA=\",\"media_type\":\"image/png\",\"detail\":\"low\"},"
    "{\"type\":\"file\",\"url\":\"https://a.test/x?a=1&b=\\\"2\\\"\",\"name\":\"x.pdf\"}]}\n"
    ",{\"role\":\"assistant\",\"content\":\"I look.\",\"reasoning\":\"Hmm.\",\"state\":\"{\\\"signature\\\":\\\"a/b+c==\\\\u0000\\\"}\",\"tool_calls\":["
    "{\"id\":\"c1\",\"name\":\"look\",\"arguments\":{\"a\": [1,\n2.50]}},{\"id\":\"c2\",\"name\":\"go\",\"arguments_raw\":\"{\\\"cut\"},"
    "{\"id\":\"c3\",\"name\":\"go\",\"arguments_raw\":\" {} \"}]}\n"
    ",{\"role\":\"tool\",\"content\":\"\",\"tool_call_id\":\"c1\",\"name\":\"look\",\"is_error\":true}\n"
    ",{\"role\":\"user\",\"content\":\"nul\\u0000inside\"}]}\n";

static char out[1 << 20];

static void as_it_stands(void **state) {
    size_t len;
    (void)state;
    make();
    len = llmf_conversation_save(NULL, NULL, "s", talk, 5, out, sizeof out, &err);
    assert_string_equal(out, written);
    assert_int_equal(len, sizeof written - 1);
    assert_int_equal(llmf_conversation_save(NULL, NULL, "s", talk, 5, NULL, 0, NULL), len); /* its length alone */
    memset(out, 'x', 100);
    assert_int_equal(llmf_conversation_save(f, NULL, "s", talk, 5, out, 10, &err), len);
    assert_memory_equal(out, "{\"llmf_convx", 10);
    assert_int_equal(out[10], 'x');
}

static void same_str(llmf_str a, llmf_str b) {
    assert_int_equal(a.len, b.len);
    if (a.len) assert_memory_equal(a.ptr, b.ptr, a.len);
}

static void same_cstr(const char *a, const char *b) {
    assert_int_equal(a == NULL, b == NULL);
    if (a) assert_string_equal(a, b);
}

static llmf_str text_of(const char *text, size_t len) {
    return llmfi_str(text, !text ? 0 : len ? len : strlen(text));
}

static void same_message(const llmf_message *a, const llmf_message *b) {
    size_t i, first = a->part_count && a->content && *a->content ? 1 : 0; /* content before parts has become a part */
    assert_int_equal(a->role, b->role);
    assert_int_equal(a->is_error, b->is_error);
    if (!a->part_count) same_str(text_of(a->content, a->content_len), text_of(b->content, b->content_len));
    else if (first) same_str(text_of(a->content, a->content_len), text_of(b->parts[0].text, b->parts[0].text_len));
    same_str(a->state, b->state);
    same_str(a->reasoning, b->reasoning);
    same_str(a->tool_call_id, b->tool_call_id);
    same_str(a->name, b->name);
    assert_int_equal(a->part_count + first, b->part_count);
    for (i = 0; i < a->part_count; i++) {
        const llmf_part *p = &a->parts[i], *q = &b->parts[i + first];
        assert_int_equal(p->type, q->type);
        same_str(text_of(p->text, p->text_len), text_of(q->text, q->text_len));
        assert_int_equal(p->data_len, q->data_len);
        assert_int_equal(p->data == NULL, q->data == NULL);
        if (p->data_len) assert_memory_equal(p->data, q->data, p->data_len);
        same_cstr(p->path, q->path);
        same_cstr(p->url, q->url);
        same_cstr(p->media_type, q->media_type);
        same_cstr(p->name, q->name);
        same_cstr(p->detail, q->detail);
    }
    assert_int_equal(a->tool_call_count, b->tool_call_count);
    for (i = 0; i < a->tool_call_count; i++) {
        same_str(a->tool_calls[i].id, b->tool_calls[i].id);
        same_str(a->tool_calls[i].name, b->tool_calls[i].name);
        same_str(a->tool_calls[i].arguments, b->tool_calls[i].arguments);
    }
}

/* Out, in, the same; out again, the same bytes. */
static void there_and_back(const char *system, const llmf_message *messages, size_t count) {
    static char again[1 << 20];
    llmf_rendered p;
    size_t len = llmf_conversation_save(f, NULL, system, messages, count, out, sizeof out, &err), i;
    if (!len) fail_msg("%s", err.text);
    if (llmf_conversation_load(f, "a.json", llmfi_str(out, len), &p, &err) != LLMF_OK) fail_msg("%s\n%s", err.text, out);
    same_cstr(system, p.request.system);
    assert_int_equal(p.request.message_count, count);
    for (i = 0; i < count; i++) same_message(&messages[i], &p.request.messages[i]);
    assert_int_equal(llmf_conversation_save(f, NULL, p.request.system, p.request.messages, count, again, sizeof again, &err), len);
    assert_memory_equal(out, again, len);
    llmf_render_free(f, &p);
}

static void byte_for_byte(void **state) {
    llmf_rendered p;
    (void)state;
    make();
    there_and_back("s", talk, 5);
    there_and_back(NULL, talk, 5);
    there_and_back("", talk, 0);
    talk[1].content = "Before the parts.";
    there_and_back(NULL, talk, 5);
    make();
    assert_int_equal(llmf_conversation_load(f, NULL, kit_str(written), &p, &err), LLMF_OK);
    assert_true(p.request.messages[2].tool_calls[1].invalid);
    assert_false(p.request.messages[2].tool_calls[0].invalid || p.request.messages[2].tool_calls[2].invalid);
    llmf_render_free(f, &p);
    /* As a person may write it. */
    assert_int_equal(llmf_conversation_load(f, NULL, kit_str(" { \"messages\" : [ { \"content\" : \"h\\u0069\", \"role\" : \"user\", \"name\" : null } ] } "), &p, &err), LLMF_OK);
    assert_string_equal(p.request.messages[0].content, "hi");
    llmf_render_free(f, &p);
}

static char *some_text(uint64_t *seed, char *to, size_t most) {
    static const char *const bits[] = {"a", " ", "\"", "\\", "\n", "\xc3\xa9", "\xe4\xb8\xad", "\xf0\x9f\x98\x80", "\x01", "{", "]", "/", "\x7f"};
    size_t n = 0;
    while (n + 5 < most && kit_random(seed) % 8) {
        const char *bit = bits[kit_random(seed) % KIT_COUNT(bits)];
        strcpy(to + n, bit);
        n += strlen(bit);
    }
    to[n] = '\0';
    return to;
}

static void any_conversation(void **state) {
    static char texts[400][64];
    static llmf_message any[8];
    static llmf_part some_parts[8][3];
    static llmf_tool_call some_calls[8][2];
    static const char *const arguments[] = {"{}", "{\"a\":1}", "[", "1", " true", "\"x\"", "", "{\"\\ud800\":0}"};
    uint64_t seed = 88172645463325252u;
    int round;
    size_t i, k;
    (void)state;
    for (round = 0; round < 3000; round++) {
        size_t t = 0, n = kit_random(&seed) % 8;
        for (i = 0; i < n; i++) {
            llmf_message *m = &any[i];
            *m = message((int)(kit_random(&seed) % 4), NULL);
            if (kit_random(&seed) % 4) m->content = some_text(&seed, texts[t++], 64);
            if (kit_random(&seed) % 4 == 0) m->state = kit_str(some_text(&seed, texts[t++], 64));
            if (kit_random(&seed) % 4 == 0) m->reasoning = kit_str(some_text(&seed, texts[t++], 64));
            if (kit_random(&seed) % 4 == 0) m->tool_call_id = kit_str(some_text(&seed, texts[t++], 64));
            if (kit_random(&seed) % 4 == 0) m->name = kit_str(some_text(&seed, texts[t++], 64));
            m->is_error = kit_random(&seed) % 4 == 0;
            m->part_count = kit_random(&seed) % 2 ? kit_random(&seed) % 4 : 0;
            m->parts = some_parts[i];
            for (k = 0; k < m->part_count; k++) {
                llmf_part *p = &some_parts[i][k];
                memset(p, 0, sizeof *p);
                p->type = (int)(kit_random(&seed) % 4);
                if (kit_random(&seed) % 2) p->text = some_text(&seed, texts[t++], 64);
                if (kit_random(&seed) % 2) p->path = some_text(&seed, texts[t++], 64);
                if (kit_random(&seed) % 2) p->name = some_text(&seed, texts[t++], 64);
                if (kit_random(&seed) % 2) {
                    p->data = texts[kit_random(&seed) % 400];
                    p->data_len = kit_random(&seed) % 64;
                }
            }
            m->tool_call_count = kit_random(&seed) % 3;
            m->tool_calls = some_calls[i];
            for (k = 0; k < m->tool_call_count; k++, t += 2) some_calls[i][k] = call_of(some_text(&seed, texts[t], 64), some_text(&seed, texts[t + 1], 64), arguments[kit_random(&seed) % KIT_COUNT(arguments)]);
        }
        assert_true(t < 400);
        there_and_back(kit_random(&seed) % 2 ? texts[399] : NULL, any, n);
    }
}

/* ---- what is refused ---- */

static const struct {
    const char *text, *says;
} bad[] = {
    {"", ":1:1: error: not valid JSON"}, {"[]", ":1:1: error: must be an object"}, {"{}", ":1:1: error: there are no messages"}, {"{\"messages\":[]", ":1:15: error: not valid JSON"},
    {"{\"messages\":[]}x", ":1:16: error: not valid JSON"}, {"{\"messages\":{}}", ":1:13: error: must be an array"}, {"{\n \"llmf_conversation\":2,\"messages\":[]}", ":2:22: error: is of another version"},
    {"{\"llmf_conversation\":\"1\",\"messages\":[]}", ":1:22: error: must be a whole number"}, {"{\"messages\":[],\"messages\":[]}", ":1:17: error: there is a second messages"},
    {"{\"messages\":[],\n\"model\":\"x\"}", ":2:2: error: a conversation has llmf_conversation, system and messages, not model"}, {"{\"messages\":[1]}", ":1:14: error: must be an object"},
    {"{\"messages\":[{}]}", ":1:14: error: there must be a role"}, {"{\"messages\":[{\"role\":\"boss\"}]}", ":1:22: error: must be user, assistant, system or tool"},
    {"{\"messages\":[{\"role\":\"\"}]}", ":1:22: error: must be user"}, {"{\"messages\":[{\"role\":\"user\",\"rule\":1}]}", ":1:30: error: unknown key rule"},
    {"{\"messages\":[{\"role\":\"user\",\"role\":\"user\"}]}", ":1:30: error: there is a second role"}, {"{\"messages\":[{\"role\":\"user\",\"content\":1}]}", ":1:39: error: must be a string"},
    {"{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"x\"}]}]}", ":1:40: error: there must be a type"},
    {"{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image\",\"data\":\"A\"}]}]}", ":1:63: error: is not base64"},
    {"{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image\",\"data\":1}]}]}", ":1:63: error: must be a string of base64"},
    {"{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"film\"}]}]}", ":1:48: error: must be text, image, audio or file"},
    {"{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"file\",\"path\":\"a\\u0000b\"}]}]}", ":1:62: error: holds a NUL"},
    {"{\"messages\":[{\"role\":\"user\",\"content\":\"\xff\"}]}", ":1:40: error: invalid UTF-8"}, {"{\"messages\":[{\"role\":\"user\",\"content\":\"\\ud800\"}]}", ":1:40: error: invalid UTF-8, or half"},
    {"{\"messages\":[{\"role\":\"tool\",\"is_error\":1}]}", ":1:40: error: must be true or false"}, {"{\"messages\":[{\"role\":\"assistant\",\"tool_calls\":{}}]}", ":1:47: error: must be an array"},
    {"{\"messages\":[{\"role\":\"assistant\",\"tool_calls\":[{\"arguments\":{},\"arguments_raw\":\"\"}]}]}", ":1:80: error: arguments and arguments_raw"},
    {"{\"messages\":[{\"role\":\"assistant\",\"tool_calls\":[{\"arguments\":{\"a\":\"\xff\"}}]}]}", ":1:61: error: invalid UTF-8"},
    {"{\"messages\":[{\"role\":\"assistant\",\"tool_calls\":[{\"args\":1}]}]}", ":1:50: error: unknown key args"},
};

static void refused(void **state) {
    size_t i, used = kit_used(f);
    (void)state;
    for (i = 0; i < KIT_COUNT(bad); i++) {
        llmf_rendered p;
        int code = llmf_conversation_load(f, "talks/a.json", kit_str(bad[i].text), &p, &err);
        char says[128];
        snprintf(says, sizeof says, "talks/a.json%s", bad[i].says);
        if (code != LLMF_ERR_CONFIG || strncmp(err.text, says, strlen(says)) != 0) fail_msg("%s: %d, %s", bad[i].text, code, err.text);
        assert_true(err.line > 0 && err.column > 0);
        assert_null(p.memory);
        assert_int_equal(kit_used(f), used);
    }
}

static void bad_arguments(void **state) {
    llmf_rendered p;
    (void)state;
    make();
    talk[1].parts = NULL;
    talk[1].part_count = 0;
    talk[4].content = "a\xff";
    talk[4].content_len = 0;
    assert_int_equal(llmf_conversation_save(f, NULL, NULL, talk, 5, out, sizeof out, &err), 0);
    assert_int_equal(err.code, LLMF_ERR_ARGUMENT);
    assert_true(kit_has(err.text, "messages[4].content"));
    talk[4].role = 7;
    assert_int_equal(llmf_conversation_save(f, NULL, NULL, talk, 5, out, sizeof out, &err), 0);
    assert_true(kit_has(err.text, "messages[4].role"));
    assert_int_equal(llmf_conversation_save(f, NULL, "\xff", talk, 1, out, sizeof out, &err), 0);
    assert_true(kit_has(err.text, "system"));
    assert_int_equal(llmf_conversation_save(f, NULL, NULL, NULL, 1, out, sizeof out, &err), 0);
    assert_int_equal(llmf_conversation_save(f, NULL, NULL, talk, LLMF_MAX_MESSAGES + 1, out, sizeof out, &err), 0);
    assert_int_equal(err.code, LLMF_ERR_LIMIT);
    assert_int_equal(llmf_conversation_save(NULL, "/tmp/x", NULL, talk, 1, NULL, 0, &err), 0);
    assert_int_equal(err.code, LLMF_ERR_ARGUMENT);
    assert_int_equal(llmf_conversation_load(NULL, "x", from_file, &p, &err), LLMF_ERR_ARGUMENT);
    assert_int_equal(llmf_conversation_load(f, NULL, from_file, &p, NULL), LLMF_ERR_ARGUMENT);
    assert_int_equal(llmf_conversation_load(f, "/nowhere/at/all", from_file, &p, &err), LLMF_ERR_CONFIG);
    assert_true(kit_has(err.text, "/nowhere/at/all"));
}

static void cut_everywhere(void **state) {
    size_t n;
    (void)state;
    for (n = 0; n + 2 < sizeof written; n++) { /* the last byte is a newline */
        llmf_rendered p;
        char *exact = (char *)malloc(n + 1);
        memcpy(exact, written, n);
        assert_int_equal(llmf_conversation_load(f, NULL, llmfi_str(exact, n), &p, &err), LLMF_ERR_CONFIG);
        free(exact);
    }
}

/* ---- files ---- */

static void files(void **state) {
    char dir[] = "/tmp/llmf-talk-XXXXXX", path[64], fresh[64], text[64];
    struct stat st;
    llmf_rendered p;
    FILE *file;
    size_t len;
    (void)state;
    make();
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/a.json", dir);
    snprintf(fresh, sizeof fresh, "%s/a.json.new", dir);
    assert_int_equal(llmf_conversation_save(f, path, "s", talk, 5, NULL, 0, &err), sizeof written - 1);
    assert_int_equal(llmf_conversation_save(f, path, "s", talk, 4, NULL, 0, &err), len = llmf_conversation_save(f, NULL, "s", talk, 4, NULL, 0, &err));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, len);
    assert_int_equal(stat(fresh, &st), -1);
    assert_int_equal(llmf_conversation_load(f, path, from_file, &p, &err), LLMF_OK);
    assert_int_equal(p.request.message_count, 4);
    same_message(&talk[2], &p.request.messages[2]);
    llmf_render_free(f, &p);
    assert_int_equal(mkdir(fresh, 0700), 0); /* it cannot be written: the old one stays */
    assert_int_equal(llmf_conversation_save(f, path, "s", talk, 5, NULL, 0, &err), 0);
    assert_int_equal(err.code, LLMF_ERR_CONFIG);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, len);
    rmdir(fresh);
    file = fopen(path, "w");
    fputs("{\"messages\":\n [{\"role\":\"user\"},{]}", file);
    fclose(file);
    assert_int_equal(llmf_conversation_load(f, path, from_file, &p, &err), LLMF_ERR_CONFIG);
    snprintf(text, sizeof text, "%s:2:20: error: not valid JSON", path);
    if (!kit_has(err.text, text)) fail_msg("%s", err.text);
    unlink(path);
    rmdir(dir);
}

static void no_memory(void **state) {
    char path[] = "/tmp/llmf-talk-XXXXXX";
    int refusals = 0, way, fd = mkstemp(path);
    uint64_t nth;
    (void)state;
    make();
    assert_true(fd >= 0 && write(fd, written, sizeof written - 1) == (ssize_t)sizeof written - 1);
    close(fd);
    for (way = 0; way < 3; way++)
        for (nth = 1; nth < 60; nth++) {
            llmf_rendered p;
            size_t used = kit_used(f);
            int code;
            llmf_fail_memory(f, nth, true);
            if (way < 2) code = llmf_conversation_load(f, path, way ? from_file : kit_str(written), &p, &err);
            else code = llmf_conversation_save(f, path, "s", talk, 5, NULL, 0, &err) ? LLMF_OK : err.code;
            llmf_fail_memory(f, 0, false);
            if (way < 2 && code == LLMF_OK) llmf_render_free(f, &p);
            if (code != LLMF_OK) assert_int_equal(code, LLMF_ERR_MEMORY);
            refusals += code != LLMF_OK;
            assert_int_equal(kit_used(f), used);
            if (code == LLMF_OK) break;
        }
    unlink(path);
    printf("%d places without memory\n", refusals);
    assert_true(refusals > 6);
}

/* Cut to a window, saved, loaded: the same. */
static void after_a_fit(void **state) {
    llmf_model none = {0};
    llmf_request r;
    llmf_fit fit;
    llmf_rendered p;
    (void)state;
    make();
    memset(&r, 0, sizeof r);
    memset(&fit, 0, sizeof fit);
    fit.summary = kit_str("A summary.");
    r.messages = talk;
    r.message_count = 5;
    fit.window = 112;
    fit.reserve = fit.summary_tokens = 1;
    fit.keep_last = 1;
    assert_int_equal(llmf_fit_messages(f, none, &r, &fit, &p, &err), LLMF_OK);
    assert_int_equal(p.request.message_count, 3);
    there_and_back(NULL, p.request.messages, p.request.message_count);
    assert_true(kit_has(out, "{\"role\":\"system\",\"content\":\"A summary.\",\"name\":\"summary\"}"));
    llmf_render_free(f, &p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(as_it_stands, setup, teardown), cmocka_unit_test_setup_teardown(byte_for_byte, setup, teardown),
        cmocka_unit_test_setup_teardown(any_conversation, setup, teardown), cmocka_unit_test_setup_teardown(refused, setup, teardown),
        cmocka_unit_test_setup_teardown(bad_arguments, setup, teardown), cmocka_unit_test_setup_teardown(cut_everywhere, setup, teardown),
        cmocka_unit_test_setup_teardown(files, setup, teardown), cmocka_unit_test_setup_teardown(no_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(after_a_fit, setup, teardown)
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
