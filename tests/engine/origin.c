/* A key goes to its own server and to no other: redirects, a base URL that changed, hosts that look alike. Over the test's own client, which keeps all that is sent, and
   over real connections to two servers, one of which must never see the key, nor its base64 form. */
#include "kit.h"
#include "post.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#define KEY "sk-origin-canary-5577"
#define ANSWER "{\"id\":\"1\",\"choices\":[{\"message\":{\"role\":\"assistant\",\"content\":\"Hello\"},\"finish_reason\":\"stop\"}]}"

/* ---- is the key in there? ---- */

/* The part of its base64 form that does not depend on what stands around it, where `before` bytes of a group of three stand before it. */
static void base64_of(const char *key, size_t before, char *to) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t bits = 8 * (before + strlen(key)), skip = before * 8, i;
    size_t first = (skip + 5) / 6, last = bits / 6;
    for (i = first; i < last; i++) {
        unsigned value = 0, b;
        for (b = 0; b < 6; b++) {
            size_t at = 6 * i + b;
            value = value << 1 | ((unsigned)(unsigned char)key[at / 8 - before] >> (7 - at % 8) & 1);
        }
        *to++ = digits[value];
    }
    *to = '\0';
}

static bool holds_key(const char *text) {
    char form[100];
    size_t before;
    if (kit_has(text, KEY)) return true;
    for (before = 0; before < 3; before++) {
        base64_of(KEY, before, form);
        assert_true(strlen(form) > 20);
        if (kit_has(text, form)) return true;
    }
    return false;
}

static void the_search_finds_it(void **state) {
    char text[200], all[100];
    size_t before;
    (void)state;
    assert_true(holds_key("x " KEY " y"));
    assert_false(holds_key("x sk-origin-canary-557 y"));
    for (before = 0; before < 4; before++) {
        llmf_str whole;
        size_t n = (size_t)snprintf(all, sizeof all, "%.*s" KEY ":", (int)before, "xyz");
        whole.ptr = all;
        whole.len = n;
        text[llmfi_base64_encode(text, whole.ptr, whole.len)] = '\0';
        assert_true(holds_key(text));
    }
}

/* ---- one call by the test's client ---- */

typedef struct stage {
    kit_world w;
    post p;
    int asked;                     /* times the hook was */
} stage;

static int never(void *user, llmf_secret_query *q) {
    ((stage *)user)->asked++;
    if (strcmp(q->origin, "https://broker.example:8443") != 0) return 0;
    memcpy(q->out, KEY, sizeof KEY - 1);
    return (int)sizeof KEY - 1;
}

/* 1: the key was sent; 0: something was, without it; -1: the call was refused as it must be; else the text is the error's. */
static int sends(const char *config, const char *const *env, const char *model, const char *base_url, bool hook, int op, char *error, size_t cap) {
    static stage s;
    llmf_desc d;
    llmf_factory *f;
    llmf_error err;
    llmf_request req = kit_request(false);
    llmf_input in;
    llmf_str texts[1];
    llmf_model m;
    llmf_call c;
    kit_seen seen;
    int got;
    memset(&s, 0, sizeof s);
    d = kit_desc(&s.w);
    post_open(&s.p);
    s.w.env = env;
    d.config_text = config;
    d.base_url = base_url;
    d.custom_transport = &s.p.transport;
    if (hook) d.secret = never;
    f = llmf_open(&d, &err);
    if (!f) fail_msg("%s: %s", config, err.text);
    m = llmf_get(f, model, &err);
    if (!m.id) fail_msg("%s: %s", config, err.text);
    memset(&in, 0, sizeof in);
    texts[0] = kit_str("one");
    in.texts = texts;
    in.text_count = 1;
    if (op) {
        req.op = op;
        req.input = &in;
    }
    c = llmf_start(f, m, &req);
    llmf_poll(f, 0);
    memset(&seen, 0, sizeof seen);
    kit_take(f, c, &seen);
    snprintf(error, cap, "%s", seen.finals ? seen.error : s.p.all.ptr ? s.p.all.ptr : "");
    got = s.p.starts ? holds_key(kit_cstr(&s.p.all)) : seen.finals && seen.code == LLMF_ERR_AUTH ? -1 : -2;
    assert_false(seen.finals && holds_key(seen.error));
    kit_forget(&seen);
    llmf_close(f);
    assert_false(holds_key(kit_cstr(&s.w.log)));
    post_close(&s.p);
    kit_drop(&s.w.log);
    return got;
}

#define OPENAI_ENV "OPENAI_API_KEY", KEY
#define IN_MODEL(url) "models: {m: {provider: openai, model_id: gpt-4o, base_url: \"" url "\"}}"
#define IN_MODEL_OF(provider, rest) "models: {m: {provider: " provider ", model_id: x, " rest "}}"

static void keys_and_hosts(void **state) {
    static const struct {
        const char *config, *model;
        const char *env[7];
        const char *base_url;
        int sends;                 /* see above */
    } cases[] = {
        /* the provider's variables */
        {"{}", "openai:gpt-4o", {OPENAI_ENV, NULL}, NULL, 1},
        {IN_MODEL("https://api.openai.com/other"), "m", {OPENAI_ENV, NULL}, NULL, 1},
        {IN_MODEL("https://API.OpenAI.com:443/v1"), "m", {OPENAI_ENV, NULL}, NULL, 1},
        {IN_MODEL("https://api.openai.com./v1"), "m", {OPENAI_ENV, NULL}, NULL, 1},
        {IN_MODEL("https://api.openai.com.evil.example/v1"), "m", {OPENAI_ENV, NULL}, NULL, -1},
        {IN_MODEL("https://api-openai.com/v1"), "m", {OPENAI_ENV, NULL}, NULL, -1},
        {IN_MODEL("https://openai.com/v1"), "m", {OPENAI_ENV, NULL}, NULL, -1},
        {IN_MODEL("https://x.api.openai.com/v1"), "m", {OPENAI_ENV, NULL}, NULL, -1},
        {IN_MODEL("https://api.openai.com:444/v1"), "m", {OPENAI_ENV, NULL}, NULL, -1},
        {IN_MODEL("http://api.openai.com/v1"), "m", {OPENAI_ENV, NULL}, NULL, -1},
        {IN_MODEL("http://api.openai.com:443/v1"), "m", {OPENAI_ENV, NULL}, NULL, -1},
        {IN_MODEL("https://evil.example/api.openai.com"), "m", {OPENAI_ENV, NULL}, NULL, -1},
        {IN_MODEL("https://evil.example?https://api.openai.com"), "m", {OPENAI_ENV, NULL}, NULL, -1},
        {IN_MODEL("https://api.openai.com..evil.example"), "m", {OPENAI_ENV, NULL}, NULL, -1},
        {"providers: {openai: {base_url: 'https://evil.example/v1'}}", "openai:gpt-4o", {OPENAI_ENV, NULL}, NULL, -1},
        {"providers: {openai: {base_url: 'https://evil.example/v1', region_name: x}}\n" IN_MODEL("https://api.openai.com/v1"), "m", {OPENAI_ENV, NULL}, NULL, 1},
        {"{}", "openai:gpt-4o", {OPENAI_ENV, "OPENAI_BASE_URL", "https://mine.example/v1", NULL}, NULL, 1},
        {IN_MODEL("https://api.openai.com/v1"), "m", {OPENAI_ENV, "OPENAI_BASE_URL", "https://mine.example/v1", NULL}, NULL, -1},
        {IN_MODEL("https://evil.example/v1"), "m", {OPENAI_ENV, NULL}, "https://program.example", 1},
        /* this machine */
        {IN_MODEL("http://localhost:8080/v1"), "m", {OPENAI_ENV, NULL}, NULL, 1},
        {IN_MODEL("http://127.1.2.3:8080/v1"), "m", {OPENAI_ENV, NULL}, NULL, 1},
        {IN_MODEL("http://[::1]:8080/v1"), "m", {OPENAI_ENV, NULL}, NULL, 1},
        {IN_MODEL("http://[::2]:8080/v1"), "m", {OPENAI_ENV, NULL}, NULL, -1},
        {IN_MODEL("http://127.0.0.1.evil.example"), "m", {OPENAI_ENV, NULL}, NULL, -1},
        {IN_MODEL("http://127.0.0.1.5"), "m", {OPENAI_ENV, NULL}, NULL, -1},
        {IN_MODEL("http://127.0.0.256"), "m", {OPENAI_ENV, NULL}, NULL, -1},
        {IN_MODEL("http://127.1"), "m", {OPENAI_ENV, NULL}, NULL, -1},
        {IN_MODEL("http://localhost.evil.example"), "m", {OPENAI_ENV, NULL}, NULL, -1},
        {IN_MODEL("http://evil-localhost"), "m", {OPENAI_ENV, NULL}, NULL, -1},
        /* an entry that names the key itself */
        {IN_MODEL_OF("openai", "base_url: 'https://proxy.example', api_key: " KEY), "m", {NULL}, NULL, 1},
        {IN_MODEL_OF("openai", "base_url: 'https://proxy.example', api_key_env_var: OPENAI_API_KEY"), "m", {OPENAI_ENV, NULL}, NULL, 1},
        {IN_MODEL_OF("openai", "base_url: 'https://proxy.example', api_key_env_var: NOT_SET"), "m", {OPENAI_ENV, NULL}, NULL, -1},
        {IN_MODEL_OF("openai", "base_url: 'https://proxy.example', api_key_env_vars: [NOT_SET, OPENAI_API_KEY]"), "m", {OPENAI_ENV, NULL}, NULL, 1},
        {"providers: {openai: {base_url: 'https://proxy.example', api_key_env_var: MINE}}", "openai:gpt-4o", {"MINE", KEY, NULL}, NULL, 1},
        {"providers: {openai: {base_url: 'https://proxy.example', api_key_env_var: MINE}}\n" IN_MODEL("https://evil.example"), "m", {"MINE", KEY, NULL}, NULL, -1},
        {"providers: {openai: {base_url: 'https://proxy.example', api_key_env_var: MINE}}\n" IN_MODEL("https://api.openai.com/v1"), "m", {"MINE", KEY, NULL}, NULL, -1},
        {"providers: {openai: {api_key: " KEY "}}\n" IN_MODEL("https://evil.example"), "m", {NULL}, NULL, -1},
        {"providers: {openai: {api_key_env_vars: [MINE]}}\n" IN_MODEL("https://evil.example"), "m", {"MINE", KEY, NULL}, NULL, -1},
        {"providers: {office: {dialect: openai, base_url: 'https://office.example'}}\n" IN_MODEL_OF("office", "temperature: 1"), "m", {"OFFICE_API_KEY", KEY, NULL}, NULL, 1},
        {"providers: {office: {dialect: openai, base_url: 'https://office.example', api_key_env_var: OFFICE_API_KEY}}\n" IN_MODEL_OF("office", "base_url: 'https://evil.example'"), "m", {"OFFICE_API_KEY", KEY, NULL}, NULL, -1},
        /* one that needs no key gets none elsewhere, and is asked all the same */
        {"providers: {office: {dialect: openai, base_url: 'https://office.example'}}\n" IN_MODEL_OF("office", "base_url: 'https://evil.example'"), "m", {"OFFICE_API_KEY", KEY, NULL}, NULL, 0},
        {IN_MODEL_OF("ollama", "base_url: 'http://box.example:11434'"), "m", {"OLLAMA_API_KEY", KEY, NULL}, NULL, 0},
        /* hosts with holes */
        {IN_MODEL_OF("azure", "resource: mine, deployment: d"), "m", {"AZURE_OPENAI_API_KEY", KEY, NULL}, NULL, 1},
        {IN_MODEL_OF("azure", "base_url: 'https://other.openai.azure.com', deployment: d"), "m", {"AZURE_OPENAI_API_KEY", KEY, NULL}, NULL, 1},
        {IN_MODEL_OF("azure", "base_url: 'https://mine.openai.azure.com.evil.example', deployment: d"), "m", {"AZURE_OPENAI_API_KEY", KEY, NULL}, NULL, -1},
        {IN_MODEL_OF("azure", "base_url: 'https://a.b.openai.azure.com', deployment: d"), "m", {"AZURE_OPENAI_API_KEY", KEY, NULL}, NULL, -1},
        {IN_MODEL_OF("azure", "base_url: 'https://evilopenai.azure.com', deployment: d"), "m", {"AZURE_OPENAI_API_KEY", KEY, NULL}, NULL, -1},
        {IN_MODEL_OF("azure", "base_url: 'http://mine.openai.azure.com', deployment: d"), "m", {"AZURE_OPENAI_API_KEY", KEY, NULL}, NULL, -1},
        {IN_MODEL_OF("azure", "deployment: d"), "m", {"AZURE_OPENAI_API_KEY", KEY, "AZURE_OPENAI_ENDPOINT", "https://endpoint.example", NULL}, NULL, 1},
        {IN_MODEL_OF("vertex", "region_name: eu-west4, account: p"), "m", {"GOOGLE_VERTEX_ACCESS_TOKEN", KEY, NULL}, NULL, 1},
        {IN_MODEL_OF("vertex", "region_name: global, account: p"), "m", {"GOOGLE_VERTEX_ACCESS_TOKEN", KEY, NULL}, NULL, 1},
        {IN_MODEL_OF("vertex", "base_url: 'https://evil.aiplatform.googleapis.com', region_name: global, account: p"), "m", {"GOOGLE_VERTEX_ACCESS_TOKEN", KEY, NULL}, NULL, -1},
        {IN_MODEL_OF("bedrock", "region_name: us-east-1"), "m", {"AWS_BEARER_TOKEN_BEDROCK", KEY, NULL}, NULL, 1},
        {IN_MODEL_OF("bedrock", "region_name: us-east-1, base_url: 'https://bedrock-runtime.a.s3.amazonaws.com'"), "m", {"AWS_BEARER_TOKEN_BEDROCK", KEY, NULL}, NULL, -1},
        /* headers of the provider's entry are keys too, where they are named so */
        {"providers: {openai: {headers: {X-Api-Key: " KEY "}}}\n" IN_MODEL_OF("openai", "api_key: x"), "m", {NULL}, NULL, 1},
        {"providers: {openai: {headers: {X-Api-Key: " KEY "}}}\n" IN_MODEL_OF("openai", "api_key: x, base_url: 'https://evil.example'"), "m", {NULL}, NULL, -1},
        {IN_MODEL_OF("openai", "headers: {Authorization: 'Bearer " KEY "'}, base_url: 'https://proxy.example'"), "m", {OPENAI_ENV, NULL}, NULL, 1},
        /* a host whose key has a header of its own: another header of the config's does not stand for it */
        {"providers: {office: {dialect: openai, base_url: 'https://office.example', auth: {header: X-Key}, api_key_env_var: OPENAI_API_KEY}}\n"
         IN_MODEL_OF("office", "headers: {Authorization: own}, base_url: 'https://evil.example'"), "m", {OPENAI_ENV, NULL}, NULL, -1},
        {"providers: {office: {dialect: openai, base_url: 'https://office.example', auth: {header: X-Key}, api_key_env_var: OPENAI_API_KEY}}\n"
         IN_MODEL_OF("office", "headers: {Authorization: own}"), "m", {OPENAI_ENV, NULL}, NULL, 1},
        {IN_MODEL_OF("openai", "headers: {Authorization: 'Bearer own'}, base_url: 'https://proxy.example'"), "m", {OPENAI_ENV, NULL}, NULL, 0},
    };
    char error[4000];
    size_t i;
    (void)state;
    for (i = 0; i < KIT_COUNT(cases); i++) {
        int got = sends(cases[i].config, cases[i].env, cases[i].model, cases[i].base_url, false, 0, error, sizeof error);
        if (got != cases[i].sends) fail_msg("%s: %d instead of %d: %s", cases[i].config, got, cases[i].sends, error);
        if (got == -1 && !kit_has(cases[i].config, "X-Api-Key") && !kit_has(error, "; base_url leads to http")) fail_msg("%s: %s", cases[i].config, error);
    }
}

static void what_the_error_says(void **state) {
    static const char *const env[] = {OPENAI_ENV, NULL};
    char error[4000];
    (void)state;
    assert_int_equal(sends(IN_MODEL("https://api.openai.com.evil.example/v1"), env, "m", NULL, false, 0, error, sizeof error), -1);
    assert_string_equal(error, "the key of openai is for https://api.openai.com; base_url leads to https://api.openai.com.evil.example: "
                               "name the key that this host shall get (api_key_env_var: OPENAI_API_KEY in the same entry)");
    assert_int_equal(sends("providers: {openai: {headers: {X-Api-Key: " KEY "}}}\n" IN_MODEL_OF("openai", "api_key: x, base_url: 'https://evil.example'"), env, "m", NULL, false, 0, error, sizeof error), -1);
    assert_string_equal(error, "the header X-Api-Key of openai is for https://api.openai.com; base_url leads to https://evil.example: "
                               "write the header that this host shall get into the entry that has the base_url");
}

/* A user name that looks like the host is no host at all. */
static void user_names_are_refused(void **state) {
    llmf_desc d;
    kit_world w;
    llmf_error err;
    (void)state;
    d = kit_desc(&w);
    d.config_text = IN_MODEL("https://api.openai.com@evil.example/v1");
    assert_null(llmf_open(&d, &err));
    assert_true(kit_has(err.text, "a user name or password does not belong in a URL"));
    kit_drop(&w.log);
}

/* What is fetched is not even fetched for another host; the hook is told where its key would go. */
static void fetched_keys(void **state) {
    static const char *const env[] = {"AWS_REGION", "eu-west-1", "AWS_ACCESS_KEY_ID", "x", "AWS_SECRET_ACCESS_KEY", "y", NULL};
    char error[4000];
    (void)state;
    assert_int_equal(sends("providers: {openai: {api_key_secret_name: s}}\n" IN_MODEL("https://evil.example"), env, "m", NULL, false, 0, error, sizeof error), -1);
    assert_int_equal(sends("providers: {openai: {api_key_file: /nowhere}}\n" IN_MODEL("https://evil.example"), env, "m", NULL, false, 0, error, sizeof error), -1);
    assert_true(kit_has(error, "; base_url leads to https://evil.example"));
    assert_int_equal(sends(IN_MODEL("https://Broker.example:8443/v1"), env, "m", NULL, true, 0, error, sizeof error), 1);
    assert_int_equal(sends(IN_MODEL("https://broker.example.evil:8443/v1"), env, "m", NULL, true, 0, error, sizeof error), -1);
    assert_true(kit_has(error, "no key for provider openai"));
}

/* An operation may be at another address of the provider's own. */
static void operations(void **state) {
    static const char *const env[] = {"HF_TOKEN", KEY, "HUGGINGFACE_API_KEY", KEY, NULL};
    char error[4000];
    (void)state;
    assert_int_equal(sends("{}", env, "huggingface:sentence-transformers/all-MiniLM-L6-v2", NULL, false, LLMF_OP_EMBED, error, sizeof error), 1);
    assert_true(kit_has(error, "https://router.huggingface.co/hf-inference"));
}

/* ---- two servers ---- */

typedef struct host {
    int listens, port, open[8];
    kit_text got[8], all;
    int connections;
    const char *answer;            /* the whole reply */
} host;

static void host_open(host *h) {
    struct sockaddr_in at;
    socklen_t len = sizeof at;
    int i;
    memset(h, 0, sizeof *h);
    memset(&at, 0, sizeof at);
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    h->listens = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(h->listens >= 0 && !bind(h->listens, (struct sockaddr *)&at, sizeof at) && !listen(h->listens, 8) && !getsockname(h->listens, (struct sockaddr *)&at, &len));
    fcntl(h->listens, F_SETFL, O_NONBLOCK);
    h->port = ntohs(at.sin_port);
    for (i = 0; i < 8; i++) h->open[i] = -1;
}

static void host_work(host *h) {
    int fd = accept(h->listens, NULL, NULL), i;
    char bytes[4096];
    for (i = 0; fd >= 0 && i < 8; i++) {
        if (h->open[i] >= 0) continue;
        fcntl(fd, F_SETFL, O_NONBLOCK);
        h->open[i] = fd;
        h->connections++;
        fd = -1;
    }
    if (fd >= 0) close(fd);
    for (i = 0; i < 8; i++) {
        ssize_t n = h->open[i] >= 0 ? recv(h->open[i], bytes, sizeof bytes, 0) : -1;
        if (n > 0) {
            kit_add(&h->got[i], bytes, (size_t)n);
            kit_add(&h->all, bytes, (size_t)n);
        }
        if (h->open[i] < 0 || !kit_has(kit_cstr(&h->got[i]), "}")) continue; /* the end of a body */
        (void)!write(h->open[i], h->answer, strlen(h->answer));
        close(h->open[i]);
        h->open[i] = -1;
        kit_drop(&h->got[i]);
    }
}

static void host_close(host *h) {
    int i;
    for (i = 0; i < 8; i++) {
        if (h->open[i] >= 0) close(h->open[i]);
        kit_drop(&h->got[i]);
    }
    close(h->listens);
    kit_drop(&h->all);
}

/* Every name is this machine. */
static int resolve(void *user, const char *name, char (*out)[64], int cap) {
    (void)user, (void)name, (void)cap;
    snprintf(out[0], 64, "127.0.0.1");
    return 1;
}

static int call_both(llmf_factory *f, const char *model, host *a, host *b, char *error, size_t cap) {
    llmf_request req = kit_request(false);
    llmf_call c = llmf_start(f, llmf_get(f, model, NULL), &req);
    double until = kit_seconds() + 8;
    kit_seen s;
    int code, i;
    memset(&s, 0, sizeof s);
    while (!s.finals && kit_seconds() < until) {
        llmf_poll(f, 2);
        host_work(a);
        host_work(b);
        kit_take(f, c, &s);
    }
    assert_int_equal(s.finals, 1);
    for (i = 0; i < 5; i++) { /* whatever else is on its way */
        llmf_poll(f, 2);
        host_work(b);
    }
    code = s.code;
    snprintf(error, cap, "%s", s.error);
    kit_forget(&s);
    llmf_free(f, c);
    return code;
}

static void redirects(void **state) {
    static const int statuses[] = {301, 302, 303, 307, 308};
    static const char *const transports[] = {"socket", "curl"};
    size_t i, t;
    (void)state;
    for (t = 0; t < KIT_COUNT(transports); t++) {
        for (i = 0; i < KIT_COUNT(statuses); i++) {
            kit_world w;
            host a, b;
            llmf_desc d = kit_desc(&w);
            llmf_error err;
            llmf_factory *f;
            char base[64], reply[300], error[600];
            const char *env[] = {OPENAI_ENV, "OPENAI_BASE_URL", base, NULL};
            int code;
            host_open(&a);
            host_open(&b);
            snprintf(base, sizeof base, "http://127.0.0.1:%d/v1", a.port);
            snprintf(reply, sizeof reply, "HTTP/1.1 %d Elsewhere\r\nLocation: http://127.0.0.1:%d/v1/chat/completions\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", statuses[i], b.port);
            a.answer = reply;
            b.answer = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            w.env = env;
            d.clock_ns = NULL;
            d.transport = transports[t];
            f = llmf_open(&d, &err);
            if (!f) fail_msg("%s", err.text);
            code = call_both(f, "openai:gpt-4o", &a, &b, error, sizeof error);
            assert_true(code != LLMF_OK);
            assert_true(holds_key(kit_cstr(&a.all))); /* the one that it is for has seen it */
            assert_int_equal(b.connections, 0);
            assert_false(holds_key(kit_cstr(&b.all)));
            llmf_close(f);
            host_close(&a);
            host_close(&b);
            kit_drop(&w.log);
        }
    }
}

/* The config is read again, and leads elsewhere: under another port, by names that look alike. The other server sees nothing, until an entry names the key for it. */
static void a_changed_base_url(void **state) {
    static const char *const lookalikes[] = {"http://good.test:%d/v1", "http://good.test.evil.test:%d/v1", "http://good-test:%d/v1", "http://GOOD.test:%d/v1", "http://good.test.:%d/v1"};
    kit_world w;
    host a, b;
    llmf_desc d = kit_desc(&w);
    llmf_error err;
    llmf_factory *f;
    char base[64], path[64], url[100], error[600];
    const char *env[] = {OPENAI_ENV, "OPENAI_BASE_URL", base, NULL};
    FILE *file;
    size_t i;
    (void)state;
    host_open(&a);
    host_open(&b);
    a.answer = b.answer = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n" ANSWER;
    snprintf(base, sizeof base, "http://good.test:%d/v1", a.port);
    snprintf(path, sizeof path, "/tmp/llmf-origin-%d.yaml", (int)getpid());
    file = fopen(path, "wb");
    fputs("models: {m: {provider: openai, model_id: gpt-4o}}", file);
    fclose(file);
    w.env = env;
    d.clock_ns = NULL;
    d.transport = "socket";
    d.resolve = resolve;
    d.config = path;
    f = llmf_open(&d, &err);
    if (!f) fail_msg("%s", err.text);
    assert_int_equal(call_both(f, "m", &a, &b, error, sizeof error), LLMF_OK);
    assert_true(holds_key(kit_cstr(&a.all)));
    for (i = 0; i <= KIT_COUNT(lookalikes); i++) {
        bool named = i == KIT_COUNT(lookalikes);
        snprintf(url, sizeof url, named ? "http://evil.test:%d/v1" : lookalikes[i], b.port);
        file = fopen(path, "wb");
        fprintf(file, "models: {m: {provider: openai, model_id: gpt-4o, base_url: \"%s\"%s}}", url, named ? ", api_key_env_var: OPENAI_API_KEY" : "");
        fclose(file);
        assert_int_equal(llmf_reload(f, &err), LLMF_OK);
        if (!named) {
            assert_int_equal(call_both(f, "m", &a, &b, error, sizeof error), LLMF_ERR_AUTH);
            assert_true(kit_has(error, "; base_url leads to "));
            assert_int_equal(b.connections, 0);
            assert_int_equal(b.all.len, 0);
        } else { /* so that it is known that this test would see it */
            assert_int_equal(call_both(f, "m", &a, &b, error, sizeof error), LLMF_OK);
            assert_true(holds_key(kit_cstr(&b.all)));
        }
    }
    llmf_close(f);
    unlink(path);
    host_close(&a);
    host_close(&b);
    kit_drop(&w.log);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_search_finds_it),
        cmocka_unit_test(keys_and_hosts),
        cmocka_unit_test(what_the_error_says),
        cmocka_unit_test(user_names_are_refused),
        cmocka_unit_test(fetched_keys),
        cmocka_unit_test(operations),
        cmocka_unit_test(redirects),
        cmocka_unit_test(a_changed_base_url),
    };
    return cmocka_run_group_tests_name("origin", tests, NULL, NULL);
}
