/* Prompts: what their holes become, what is said of those that are wrong, what the config may say of them, and what becomes of memory. */
#include "../engine/kit.h"

static kit_world world;
static llmf_factory *f;

static llmf_factory *open_with(const char *config) {
    llmf_desc d = kit_desc(&world);
    llmf_error err;
    d.no_env = true;
    d.config_text = config;
    d.log = NULL;
    d.memory_size = 1 << 20;
    f = llmf_open(&d, &err);
    if (!f) fail_msg("%s", err.text);
    return f;
}

static llmf_var var(const char *name, const char *value) {
    llmf_var v;
    v.name = name;
    v.value = kit_str(value);
    return v;
}

/* ---- texts ---- */

#define JSON_VALUE "{\"a\":{\"b\":[10,\"x\\u00e9<\\n\",{\"c\":null}]},\"t\":true,\"s\":\"\"}"

/* Variables: text = a {{name}} "b" & <c>, empty = nothing, json = JSON_VALUE, list = [1,"two"]. */
typedef struct text_row {
    const char *text, *want;       /* want: the result, or behind ! a part of the error */
} text_row;

static const text_row texts[] = {
    {"plain", "plain"},
    {"{{text}}", "a {{name}} \"b\" & <c>"},              /* what comes in is not looked at again */
    {"[{{ text }}]", "[a {{name}} \"b\" & <c>]"},
    {"{{text|json}}", "\"a {{name}} \\\"b\\\" & <c>\""},
    {"{{ text | xml }}", "a {{name}} &quot;b&quot; &amp; &lt;c&gt;"},
    {"{{text}}{{text|xml}}", "a {{name}} \"b\" & <c>a {{name}} &quot;b&quot; &amp; &lt;c&gt;"},
    {"{{empty}}|{{empty:x}}|{{empty|json}}", "||\"\""},  /* what is empty is given */
    {"{{none:some default}}", "some default"},
    {"{{ none : some default }}", "some default"},
    {"{{none:}}|", "|"},
    {"{{none|json:a \"b\"}}", "\"a \\\"b\\\"\""},
    {"{{none|xml:<a>}}", "&lt;a&gt;"},
    {"{{none:a|json:b}}", "a|json:b"},
    {"{{\n  text\n}}", "a {{name}} \"b\" & <c>"},
    {"{ {{none:1}} }", "{ 1 }"},
    {"{\"a\":{\"b\":{{none:1}}}}", "{\"a\":{\"b\":1}}"},
    {"a } b }} c { d", "a } b }} c { d"},
    {"{", "{"},
    {"\\", "\\"},
    {"\\{", "\\{"},
    {"\\{{text}}", "{{text}}"},
    {"\\\\{{empty}}|", "\\|"},
    {"a\\{{\\{{b", "a{{{{b"},
    {"C:\\dir\\{{none:x}}", "C:\\dir{{none:x}}"},
    {"{{json.a.b.0}}", "10"},
    {"{{json.a.b.1}}", "x\xc3\xa9<\n"},
    {"{{json.a.b.1|json}}", "\"x\\u00e9<\\n\""},         /* JSON already: as it stands */
    {"{{json.a.b.1|xml}}", "x\xc3\xa9&lt;\n"},
    {"{{json.a.b.2}}", "{\"c\":null}"},
    {"{{json.a.b.2.c}}", "null"},
    {"{{json.t}}{{json.s}}", "true"},
    {"{{json.a.b}}", "[10,\"x\\u00e9<\\n\",{\"c\":null}]"},
    {"{{json|json}}", "\"{\\\"a\\\":{\\\"b\\\":[10,\\\"x\\\\u00e9<\\\\n\\\",{\\\"c\\\":null}]},\\\"t\\\":true,\\\"s\\\":\\\"\\\"}\""}, /* the caller's is a text */
    {"{{list.1}}", "two"},
    {"{{json.zz:none}}", "none"},
    {"{{list.9:none}}", "none"},
    {"{{text.x:none}}", "!is not JSON"},
    {"\xc3\xa9{{empty}}\xe2\x82\xac", "\xc3\xa9\xe2\x82\xac"},
    {"{{none}}", "!llmf_request.prompt, line 1, column 1 of the text: the variable none is missing; give it, or write {{none:default}}"},
    {"a\n  {{txet}}", "!line 2, column 3 of the text: the variable txet is missing; did you mean text?"},
    {"{{json.a.x}}", "!there is no json.a.x; look at what it holds"},
    {"{{json.a.b.3}}", "!there is no json.a.b.3"},
    {"{{json.a.b.0.x}}", "!there is no json.a.b.0.x"},
    {"{{list.x}}", "!there is no list.x"},
    {"{{list.-1}}", "!there is no list.-1"},
    {"{{text.x}}", "!text is not JSON, so it has no members"},
    {"{{}}", "!column 1 of the text: {{}} has no name"},
    {"{{ }}", "!{{}} has no name"},
    {"x {{a b}}", "!column 3 of the text: {{...}} must be {{name}}"},
    {"{{1a}}", "!must begin with a name"},
    {"{{a.}}", "!must begin with a name"},
    {"{{a..b}}", "!must begin with a name"},
    {"{{.a}}", "!must begin with a name"},
    {"{{a|}}", "!knows json and xml"},
    {"{{a|html}}", "!knows json and xml"},
    {"{{a|json|xml}}", "!must be {{name}}"},
    {"{{\xc3\xa9}}", "!must begin with a name"},
    {"{{{text}}}", "!{{{ is not clear"},
    {"{{", "!{{ without a }}"},
    {"ab{{text", "!column 3 of the text: {{ without a }}"},
    {"{{text}", "!{{ without a }}"},
    {"{{none:{{text}}}}", "!has another {{ in its default"},
    {"{{#if a}}x{{/if}}", "!must begin with a name"},
    {"{{bad}}", "!the variable bad is not valid UTF-8"},
};

static llmf_var vars[8];
static size_t var_count;

static void some_vars(void) {
    var_count = 0;
    vars[var_count++] = var("text", "a {{name}} \"b\" & <c>");
    vars[var_count++] = var("empty", "");
    vars[var_count++] = var("json", JSON_VALUE);
    vars[var_count++] = var("list", " [1 , \"two\"]");
    vars[var_count++] = var("bad", "\xff");
    vars[var_count++] = var("text", "the second of a name");
    vars[var_count++] = var(NULL, "nobody");
}

static void test_texts(void **state) {
    size_t i, used;
    (void)state;
    open_with(NULL);
    some_vars();
    used = f->heap.used;
    for (i = 0; i < KIT_COUNT(texts); i++) {
        const text_row *row = &texts[i];
        llmf_request req;
        llmf_rendered p;
        llmf_error err;
        llmf_result code;
        memset(&req, 0, sizeof req);
        req.prompt = row->text;
        req.max_tokens = 7;
        code = llmf_render(f, NULL, &req, vars, var_count, &p, &err);
        if (row->want[0] == '!') {
            if (code != LLMF_ERR_ARGUMENT || !kit_has(err.text, row->want + 1)) fail_msg("row %d (%s): %d %s", (int)i, row->text, code, err.text);
            assert_null(p.memory);
            assert_null(p.request.prompt);
        } else {
            if (code != LLMF_OK) fail_msg("row %d (%s): %s", (int)i, row->text, err.text);
            if (strcmp(p.request.prompt, row->want) != 0) fail_msg("row %d (%s): got %s", (int)i, row->text, p.request.prompt);
            assert_int_equal(p.request.prompt_len, strlen(row->want));
            assert_int_equal(p.request.max_tokens, 7);
            assert_int_equal(p.model.len, 0);
        }
        llmf_render_free(f, &p);
        llmf_render_free(f, &p); /* an empty one is nothing */
        assert_int_equal(f->heap.used, used);
    }
    llmf_close(f);
}

/* Cut at every byte, and with every byte changed: a result or an error, and no byte beyond the text is read (the heap's copy has its own length). */
static void test_cuts(void **state) {
    static const char all[] = "a {{text}} \\{{ \\\\{{ empty }} {{json.a.b.1|json:x y}} {{ none | xml : <d> }} {{list.0}} {x} }} \xc3\xa9";
    static const char odd[] = "{}|:.\\ a\n\xff";
    size_t cut, k, used;
    (void)state;
    open_with(NULL);
    some_vars();
    used = f->heap.used;
    for (cut = 1; cut < sizeof all; cut++)
        for (k = 0; k < sizeof odd; k++) {
            char *copy = (char *)malloc(cut);
            llmf_request req;
            llmf_rendered p;
            llmf_result code;
            memcpy(copy, all, cut);
            if (k < sizeof odd - 1) copy[cut * 7 % cut ? cut * 7 % cut : cut - 1] = odd[k];
            memset(&req, 0, sizeof req);
            req.prompt = copy;
            req.prompt_len = cut;
            code = llmf_render(f, NULL, &req, vars, var_count, &p, NULL);
            assert_true(code == LLMF_OK || code == LLMF_ERR_ARGUMENT);
            assert_true(code != LLMF_OK || (p.request.prompt && p.request.prompt[p.request.prompt_len] == '\0'));
            llmf_render_free(f, &p);
            free(copy);
            assert_int_equal(f->heap.used, used);
        }
    llmf_close(f);
}

/* ---- requests in code ---- */

static void test_request(void **state) {
    llmf_message m[3];
    llmf_part part;
    llmf_request req;
    llmf_rendered p;
    llmf_error err;
    (void)state;
    open_with(NULL);
    some_vars();
    memset(m, 0, sizeof m);
    memset(&part, 0, sizeof part);
    memset(&req, 0, sizeof req);
    part.text = "{{text}}";
    m[0].role = LLMF_USER;
    m[0].content = "{{list.0}}xyz";
    m[0].content_len = 10;
    m[1].role = LLMF_ASSISTANT;
    m[2].role = LLMF_USER;
    m[2].parts = &part;
    m[2].part_count = 1;
    req.messages = m;
    req.message_count = 3;
    req.system = "s {{list.1}}";
    assert_int_equal(llmf_render(f, NULL, &req, vars, var_count, &p, &err), LLMF_OK);
    assert_string_equal(p.request.system, "s two");
    assert_string_equal(p.request.messages[0].content, "1");
    assert_null(p.request.messages[1].content);
    assert_string_equal(p.request.messages[2].parts[0].text, "{{text}}");
    llmf_render_free(f, &p);
    m[1].content = "a{{nobody}}";
    assert_int_equal(llmf_render(f, NULL, &req, vars, var_count, &p, &err), LLMF_ERR_ARGUMENT);
    assert_true(kit_has(err.text, "llmf_request.messages[1].content, line 1, column 2 of the text: the variable nobody is missing"));
    req.messages = NULL;
    assert_int_equal(llmf_render(f, NULL, &req, vars, var_count, &p, &err), LLMF_ERR_ARGUMENT);
    assert_int_equal(llmf_render(f, NULL, NULL, vars, var_count, &p, &err), LLMF_ERR_ARGUMENT);
    assert_true(kit_has(err.text, "name is NULL"));
    assert_int_equal(llmf_render(f, "x", NULL, NULL, 1, &p, &err), LLMF_ERR_ARGUMENT);
    assert_true(kit_has(err.text, "vars is NULL"));
    assert_int_equal(llmf_render(NULL, "x", NULL, NULL, 0, &p, &err), LLMF_ERR_ARGUMENT);
    assert_int_equal(llmf_render(f, "x", NULL, NULL, 0, NULL, &err), LLMF_ERR_ARGUMENT);
    assert_int_equal(llmf_render(f, "x", NULL, NULL, 0, &p, NULL), LLMF_ERR_ARGUMENT);
    llmf_last_error(f, &err);
    assert_true(kit_has(err.text, "unknown prompt x"));
    llmf_close(f);
}

/* ---- the config ---- */

#define CONFIG \
    "prompts:\n" \
    "  short: 'Say {{text}} ${HOME} in {{lang:English}}'\n" \
    "  classify:\n" \
    "    system: |\n" \
    "      You are a {{kind}}.\n" \
    "    variables: {text: required, label: none, kind: 7, flag: true, must: null}\n" \
    "    examples:\n" \
    "      - {user: I love it, assistant: positive}\n" \
    "      - {user: 'I hate {{label}}', assistant: '{{flag}}'}\n" \
    "    messages:\n" \
    "      - {role: user, content: 'Classify: {{text}}'}\n" \
    "      - {role: assistant, content: 'Hm {{label:inline}}'}\n" \
    "      - {role: system, content: '{{previous:first}}'}\n" \
    "    model: '${NO_SUCH:-openai:gpt-4o}'\n" \
    "    temperature: 0\n" \
    "    top_p: 0.5\n" \
    "    max_tokens: 33\n" \
    "    stop: [a, b]\n" \
    "    reasoning: low\n" \
    "    format: {type: object, properties: {x: {type: string}}}\n" \
    "    description: d\n" \
    "  listed: {variables: [text], user: '{{text}}', format: json, stop: x}\n"

static void test_config(void **state) {
    llmf_rendered p;
    llmf_request with;
    llmf_error err;
    size_t used;
    (void)state;
    open_with(CONFIG);
    some_vars();
    used = f->heap.used;
    assert_int_equal(llmf_render(f, "short", NULL, vars, var_count, &p, &err), LLMF_OK);
    assert_int_equal(p.request.message_count, 1);
    assert_int_equal(p.request.messages[0].role, LLMF_USER);
    assert_string_equal(p.request.messages[0].content, "Say a {{name}} \"b\" & <c> ${HOME} in English");
    llmf_render_free(f, &p);
    assert_int_equal(llmf_render(f, "classify", NULL, vars, var_count, &p, &err), LLMF_OK);
    assert_true(kit_is(p.model, "openai:gpt-4o"));
    assert_string_equal(p.request.system, "You are a 7.\n");
    assert_int_equal(p.request.message_count, 7);
    assert_string_equal(p.request.messages[0].content, "I love it");
    assert_int_equal(p.request.messages[1].role, LLMF_ASSISTANT);
    assert_string_equal(p.request.messages[2].content, "I hate none");
    assert_string_equal(p.request.messages[3].content, "true");
    assert_string_equal(p.request.messages[4].content, "Classify: a {{name}} \"b\" & <c>");
    assert_int_equal(p.request.messages[5].role, LLMF_ASSISTANT);
    assert_string_equal(p.request.messages[5].content, "Hm inline");
    assert_int_equal(p.request.messages[6].role, LLMF_SYSTEM);
    assert_string_equal(p.request.messages[6].content, "first");
    assert_true(p.request.temperature == LLMF_ZERO && p.request.top_p == 0.5);
    assert_int_equal(p.request.max_tokens, 33);
    assert_int_equal(p.request.stop_count, 2);
    assert_string_equal(p.request.stop[1], "b");
    assert_string_equal(p.request.reasoning, "low");
    assert_string_equal(p.request.format, "{\"type\":\"object\",\"properties\":{\"x\":{\"type\":\"string\"}}}");
    assert_int_equal(llmf_reload(f, &err), LLMF_OK); /* what was made stays */
    assert_string_equal(p.request.messages[2].content, "I hate none");
    llmf_render_free(f, &p);
    assert_null(p.request.messages);
    memset(&with, 0, sizeof with);
    with.temperature = 1;
    with.format = "json";
    with.max_tokens = 5;
    assert_int_equal(llmf_render(f, "classify", &with, vars, var_count, &p, &err), LLMF_OK);
    assert_true(p.request.temperature == 1 && p.request.max_tokens == 5); /* the request's own go before */
    assert_string_equal(p.request.format, "json");
    llmf_render_free(f, &p);
    with.prompt = "x";
    assert_int_equal(llmf_render(f, "classify", &with, vars, var_count, &p, &err), LLMF_ERR_ARGUMENT);
    assert_true(kit_has(err.text, "texts of its own besides the prompt classify"));
    assert_int_equal(llmf_render(f, "clasify", NULL, vars, var_count, &p, &err), LLMF_ERR_ARGUMENT);
    assert_true(kit_has(err.text, "unknown prompt clasify; did you mean classify?"));
    assert_int_equal(llmf_render(f, "classify", NULL, NULL, 0, &p, &err), LLMF_ERR_ARGUMENT);
    assert_true(kit_has(err.text, "prompt classify, messages[0].content (config_text:11:31), line 1, column 11 of the text: the variable text is missing"));
    assert_int_equal(err.line, 11);
    assert_int_equal(err.column, 31);
    assert_int_equal(f->heap.used, used);
    llmf_close(f);
}

typedef struct bad_row {
    const char *config, *want;
} bad_row;

static const bad_row bad[] = {
    {"prompts: {a: 7}", "1:14: error: a prompt must be a text, or a mapping"},
    {"prompts: {a: ''}", "1:14: error: user is empty"},
    {"prompts: {a: {}}", "1:14: error: a prompt has nothing to say"},
    {"prompts: {a: {system: x}}", "has nothing to say"},
    {"prompts: {a: {user: x, messages: [{role: user, content: y}]}}", "both user and messages"},
    {"prompts: {a: {usr: x}}", "1:15: error: unknown key of a prompt usr; did you mean user?"},
    {"prompts: {a: {user: 7}}", "1:21: error: user must be a text; put it in quotes"},
    {"prompts: {a: '{{b'}", "1:14: error: user, line 1, column 1 of the text: {{ without a }}"},
    {"prompts:\n  a: |\n    x\n    y {{}}\n", "2:6: error: user, line 2, column 3 of the text: {{}} has no name"},
    {"prompts: {a: {user: '{{b}}{{c d}}', variables: [subject]}}", "1:21: error: user, line 1, column 1 of the text: unknown variable b; declare it under variables"},
    {"prompts: {a: {user: '{{txet}}', variables: {text: x}}}", "unknown variable txet; did you mean text?"},
    {"prompts: {a: {user: x, variables: 7}}", "1:35: error: variables must be a mapping of names"},
    {"prompts: {a: {user: x, variables: [b, b]}}", "1:39: error: variables has this name twice"},
    {"prompts: {a: {user: x, variables: {1b: x}}}", "1:40: error: variables has a name that is none"},
    {"prompts: {a: {user: x, variables: {b: [x]}}}", "1:39: error: variables has a value that is no text"},
    {"prompts: {a: {messages: x}}", "1:25: error: messages must be a list of {role, content}"},
    {"prompts: {a: {messages: [{role: user}]}}", "1:26: error: messages must each be a mapping of role and content"},
    {"prompts: {a: {messages: [{role: usr, content: x}]}}", "1:33: error: role must be user, assistant or system"},
    {"prompts: {a: {messages: [{role: user, content: x, name: y}]}}", "unknown key of a message name"},
    {"prompts: {a: {user: x, examples: [{user: y}]}}", "1:35: error: examples must each be a mapping of user and assistant"},
    {"prompts: {a: {user: x, examples: [{user: y, assistant: '{{'}]}}", "1:56: error: assistant, line 1, column 1 of the text: {{ without"},
    {"prompts: {a: {user: x, temperature: 3}}", "1:37: error: temperature must be a number from 0 to 2"},
    {"prompts: {a: {user: x, max_tokens: 0}}", "1:36: error: max_tokens must be a whole number of at least 1"},
    {"prompts: {a: {user: x, format: yaml}}", "1:32: error: format must be text, json or a mapping"},
    {"prompts: {a: {user: x, reasoning: much}}", "1:35: error: reasoning must be none"},
    {"prompts: {a: {user: x, model: nosuch}}", "1:31: error: "},
    {"prompts: {a: {user: x, model: '${NO_SUCH}'}}", "the variable NO_SUCH is not set"},
    {"prompts: {'': x}", "1:11: error: a prompt's name must not be empty, nor have blanks at its ends or control characters"},
    {"chains: [a]", "1:9: error: chains must be a mapping of names to chains"},
    {"chains: {c: x}", "1:13: error: a chain must be a list of steps"},
    {"chains: {c: []}", "a chain must be a list of steps"},
    {"chains: {c: {steps: [{text: x}], stepps: 1}}", "unknown key of a chain stepps; did you mean steps?"},
    {"chains: {c: [x]}", "1:14: error: a step must be a mapping"},
    {"chains: {c: [{}]}", "1:14: error: a step needs either prompt"},
    {"chains: {c: [{text: x, prompt: y}]}\nprompts: {y: z}", "1:14: error: a step needs either prompt"},
    {"chains: {c: [{promt: x}]}", "1:15: error: unknown key of a step promt; did you mean prompt?"},
    {"chains: {c: [{prompt: sumarise}]}\nprompts: {summarise: x}", "1:23: error: unknown prompt sumarise; did you mean summarise?"},
    {"chains: {c: [{prompt: other}]}", "1:23: error: unknown prompt other; it must be a key of the section prompts"},
    {"chains: {c: [{text: x, model: fats}]}\nmodels: {fast: {provider: openai, model_id: x}}", "1:31: error: "},
    {"chains: {c: [{text: x, parse: yaml}]}", "1:31: error: parse must be text, json or lines"},
    {"chains: {c: [{text: x, as: previous}]}", "1:28: error: as must be a name"},
    {"chains: {c: [{text: x, as: a}, {text: x, as: a}]}", "1:46: error: as is the name of an earlier step too"},
    {"chains: {c: [{text: '{{a'}]}", "1:21: error: text, line 1, column 1 of the text: {{ without"},
    {"prompts: {a: '{{'}\nchains: {c: [{prompt: b}, {prompt: a}]}", "1:14: error: user, line 1"},
    {"chain: {}", "unknown key chain"},
};

static char first[512];
static size_t told_count;
static void keep_first(void *user, const llmf_error *e) {
    (void)user;
    if (!told_count++) snprintf(first, sizeof first, "%s", e->text);
}

static void test_bad_configs(void **state) {
    size_t i;
    (void)state;
    for (i = 0; i < KIT_COUNT(bad); i++) {
        llmf_desc d = kit_desc(&world);
        llmf_error err;
        d.no_env = true;
        d.log = NULL;
        d.config_text = bad[i].config;
        told_count = 0;
        if (llmf_check(&d, keep_first, NULL) == 0) fail_msg("row %d is taken: %s", (int)i, bad[i].config);
        if (!kit_has(first, bad[i].want)) fail_msg("row %d (%s): %s", (int)i, bad[i].config, first);
        assert_null(llmf_open(&d, &err));
    }
}

/* A model of a step or prompt may be a route; a later source takes a prompt's place as a whole. */
static void test_good_configs(void **state) {
    llmf_rendered p;
    llmf_error err;
    (void)state;
    open_with("models: {fast: {provider: openai, model_id: x}}\nroutes: {r: {candidates: [fast]}}\n"
              "prompts: {a: {user: x, model: r}, b: {user: y, model: fast, system: null}}\nchains: {c: [{prompt: a, model: r}, {text: z, model: fast}]}\n");
    assert_int_equal(llmf_render(f, "b", NULL, NULL, 0, &p, &err), LLMF_OK);
    assert_null(p.request.system);
    llmf_render_free(f, &p);
    llmf_close(f);
}

/* ---- memory ---- */

static void test_memory(void **state) {
    uint64_t nth, on;
    char *large = (char *)malloc(1 << 20);
    llmf_request req;
    llmf_rendered p;
    llmf_error err;
    (void)state;
    some_vars();
    open_with(CONFIG);
    for (on = 0; on < 2; on++)
        for (nth = 1;; nth++) {
            size_t used = f->heap.used;
            llmf_result code;
            llmf_fail_memory(f, nth, on != 0);
            code = llmf_render(f, "classify", NULL, vars, var_count, &p, &err);
            llmf_fail_memory(f, 0, false);
            if (code != LLMF_OK) {
                assert_int_equal(code, LLMF_ERR_MEMORY);
                assert_null(p.memory);
            }
            llmf_render_free(f, &p);
            assert_int_equal(f->heap.used, used);
            if (code == LLMF_OK) break;
            assert_true(nth < 100);
        }
    memset(large, 'x', 1 << 20);
    vars[0].value.ptr = large;
    vars[0].value.len = (size_t)1 << 18;
    memset(&req, 0, sizeof req);
    req.prompt = "{{text}}{{text}}{{text}}{{text}}{{text}}"; /* more than the block has */
    assert_int_equal(llmf_render(f, NULL, &req, vars, var_count, &p, &err), LLMF_ERR_MEMORY);
    req.prompt = "{{text}}";
    assert_int_equal(llmf_render(f, NULL, &req, vars, var_count, &p, &err), LLMF_OK);
    assert_int_equal(p.request.prompt_len, (size_t)1 << 18);
    llmf_render_free(f, &p);
    llmf_close(f);
    free(large);
}

/* ---- sent ---- */

/* What is rendered goes into a call as it stands. */
static void test_sent(void **state) {
    llmf_rendered p;
    llmf_preview v;
    llmf_error err;
    (void)state;
    open_with(CONFIG "providers: {p: {dialect: openai, base_url: 'http://a.test/v1', auth: none}}\n");
    some_vars();
    assert_int_equal(llmf_render(f, "listed", NULL, vars, var_count, &p, &err), LLMF_OK);
    assert_int_equal(llmf_preview_request(f, llmf_get(f, "p:m", &err), &p.request, &v), LLMF_OK);
    assert_non_null(strstr(v.body.ptr, "{\"role\":\"user\",\"content\":\"a {{name}} \\\"b\\\" & <c>\"}"));
    assert_non_null(strstr(v.body.ptr, "json_object"));
    llmf_free(f, v.call);
    llmf_render_free(f, &p);
    llmf_close(f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts), cmocka_unit_test(test_cuts), cmocka_unit_test(test_request), cmocka_unit_test(test_config), cmocka_unit_test(test_bad_configs),
        cmocka_unit_test(test_good_configs), cmocka_unit_test(test_memory), cmocka_unit_test(test_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
