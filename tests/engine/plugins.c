/* Plugins: what they can do, what is refused and how, where they may lie, and when they are loaded and unloaded. They are compiled by the test, from tests/plugin/variant.c. */
#define LLMF_WITH_PLUGINS 1
#define LLMF_MAX_PLUGIN 65536u
#define LLMF_MAX_PLUGINS 3
/* What comes between looking at the bytes and loading them, and a system without files in memory. */
#define LLMFACTORY_IMPLEMENTATION
#include "../../src/system.h"
#include <dlfcn.h>
#include <string.h>
#include <unistd.h>
static void (*before_load)(const char *path);
static int no_memory_files, loads;
static char *loaded_path;
static void *test_dlopen(const char *path, int flags) {
    if (!(flags & RTLD_NOLOAD)) {
        loads++;
        if (loaded_path) memcpy(loaded_path, path, strlen(path) + 1);
        if (before_load) before_load(path);
    }
    return dlopen(path, flags);
}
#define dlopen test_dlopen
#define syscall(...) (no_memory_files ? -1L : syscall(__VA_ARGS__))
#include "script.h"
#undef dlopen
#undef syscall
#include <limits.h>
#include <sys/stat.h>

static char folder[PATH_MAX];      /* a directory that nobody else may write to, and nothing on the way to it */
static char marks[PATH_MAX + 16];
static bool unsafe;                /* there is no such: the repository stands below /tmp, say */

static bool safe(const char *path) {
    char at[PATH_MAX];
    struct stat st;
    snprintf(at, sizeof at, "%s", path);
    for (;;) {
        char *slash = strrchr(at, '/');
        if (stat(*at ? at : "/", &st) != 0 || (st.st_mode & S_IWOTH) || (st.st_uid != 0 && st.st_uid != geteuid())) return false;
        if (!slash || !*at) return true;
        *slash = '\0';
    }
}

static void run(const char *format, ...) {
    char command[2 * PATH_MAX];
    va_list ap;
    va_start(ap, format);
    vsnprintf(command, sizeof command, format, ap);
    va_end(ap);
    if (system(command) != 0) fail_msg("%s", command);
}

static const char *at(const char *name) {
    static char paths[4][PATH_MAX + 64];
    static int turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

/* The plugin `name` that variant.c is with these flags. */
static void build(const char *name, const char *flags) {
    run("umask 022; ${CC:-cc} -w -shared -fPIC -I. %s -o '%s' tests/plugin/variant.c", flags, at(name));
}

static char *read_all(const char *path, size_t *len) {
    FILE *f = fopen(path, "rb");
    char *bytes = (char *)calloc(1, 1 << 20);
    *len = f ? fread(bytes, 1, (1 << 20) - 1, f) : 0;
    if (f) fclose(f);
    return bytes;
}

static void write_all(const char *path, const char *bytes, size_t len) {
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(bytes, 1, len, f) != len || fclose(f) != 0) fail_msg("%s", path);
    chmod(path, 0644);
}

static void write_text(const char *path, const char *text) {
    write_all(path, text, strlen(text));
}

static const char *digest_of(const char *path) {
    static char digits[4][65];
    static int turn;
    unsigned char digest[32];
    llmfi_sha256 h;
    size_t len;
    char *bytes = read_all(path, &len), *to = digits[turn++ % 4];
    llmfi_sha256_init(&h);
    llmfi_sha256_add(&h, bytes, len);
    llmfi_sha256_end(&h, digest);
    llmfi_hex_lower(to, digest, 32);
    free(bytes);
    return to;
}

/* What the plugins have written of themselves since the last time, in one line. */
static const char *marked(void) {
    static char text[1024];
    size_t len, i;
    char *bytes = read_all(marks, &len);
    snprintf(text, sizeof text, "%s", bytes);
    for (i = 0; text[i]; i++)
        if (text[i] == '\n') text[i] = ',';
    free(bytes);
    unlink(marks);
    return text;
}

/* How many are mapped into this process. */
static int mapped(void) {
    size_t len;
    char *maps = read_all("/proc/self/maps", &len);
    const char *p = maps;
    int n = 0;
    while ((p = strstr(p, "r-x")) != NULL) {
        const char *end = strchr(p, '\n'), *name = strstr(p, "llmf");
        if (name && end && name < end && (kit_has(name, "llmf_plugin") || kit_has(name, "plugin.so"))) n++;
        p++;
    }
    free(maps);
    return n;
}

/* ---- a factory ---- */

static script s;
static const char *reply_body;
static char sent_url[256];

static script_reply answer(script *w, const llmf_http_request *req, int n) {
    script_reply r;
    (void)n, (void)req;
    memset(&r, 0, sizeof r);
    snprintf(sent_url, sizeof sent_url, "%s", w->url);
    r.delay_ms = 10;
    r.status = 200;
    r.body = reply_body;
    return r;
}

static char config[4096];

/* The config: plugins NAME=FILE, and what comes behind. */
static const char *with(const char *file, const char *more) {
    snprintf(config, sizeof config, "plugins: {acme: {path: \"%s\", sha256: \"%s\"}}\n%s", at(file), digest_of(at(file)), more ? more : "");
    return config;
}

static llmf_factory *open_text(const char *text, llmf_error *err) {
    llmf_desc d;
    kit_drop(&s.w.log);
    d = script_desc(&s, answer);
    d.memory_size = 1 << 20;
    d.config_text = text;
    reply_body = "{\"t\":\"hi\",\"n\":4,\"end\":1}";
    return llmf_open(&d, err);
}

static llmf_factory *open_good(const char *text) {
    llmf_error err;
    llmf_factory *f = open_text(text, &err);
    if (!f) fail_msg("%s", err.text);
    return f;
}

static void shut(llmf_factory *f) {
    llmf_close(f);
    kit_drop(&s.w.log);
}

static const char *say(llmf_factory *f, const char *model, bool stream) {
    static char text[512];
    llmf_error err;
    llmf_request req;
    kit_seen seen;
    llmf_call c;
    memset(&seen, 0, sizeof seen);
    memset(&req, 0, sizeof req);
    req.prompt = "Say";
    req.stream = stream;
    c = llmf_start(f, llmf_get(f, model, &err), &req);
    if (!script_run(&s, f, c, &seen)) fail_msg("%s", err.text);
    snprintf(text, sizeof text, "%s", seen.code ? seen.error : kit_cstr(&seen.text));
    llmf_free(f, c);
    kit_forget(&seen);
    return text;
}

/* ---- what they can do ---- */

static void test_answers(void **state) {
    llmf_factory *f;
    llmf_request req;
    llmf_provider_info info;
    llmf_call c;
    kit_seen seen;
    size_t i;
    bool found = false;
    (void)state;
    if (unsafe) skip();
    marked();
    f = open_good(with("a.so", "models: {fast: {provider: acme, model_id: big-1}}"));
    assert_string_equal(say(f, "fast", false), "A1:hi");
    assert_string_equal(s.body, "{\"p\":\"Say\"}");
    memset(&req, 0, sizeof req);
    req.prompt = "Say \"it\"";
    reply_body = "{\"think\":\"hm\"}\n{\"t\":\"a\"}\n{\"t\":\"b\"}\n{\"call\":{\"x\":1}}\n{\"n\":7,\"end\":1}\n";
    req.stream = true;
    memset(&seen, 0, sizeof seen);
    c = llmf_start(f, llmf_get(f, "acme:m-1", NULL), &req);
    assert_true(script_run(&s, f, c, &seen));
    assert_int_equal(seen.code, LLMF_OK);
    assert_string_equal(seen.text.ptr, "A2:aA3:b");
    assert_string_equal(seen.reasoning.ptr, "hm");
    assert_int_equal(seen.response.tool_call_count, 1);
    assert_true(kit_is(seen.response.tool_calls[0].arguments, "{\"x\":1}"));
    assert_int_equal(seen.response.usage.input, 3);
    assert_int_equal(seen.response.usage.output, 7);
    assert_string_equal(sent_url, "https://acme.test/say/m-1");
    assert_string_equal(s.body, "{\"p\":\"Say \\\"it\\\"\"}");
    llmf_free(f, c);
    kit_forget(&seen);
    reply_body = "{\"oops\":\"no coins\"}\n";
    assert_true(kit_has(say(f, "acme:m-1", true), "no coins"));
    reply_body = "{\"t\":\"cut\"}\n";
    assert_true(kit_has(say(f, "acme:m-1", true), "ended")); /* without `end` it is no whole reply */
    for (i = 0; llmf_provider_at(f, i, &info); i++)
        if (kit_is(info.name, "acme")) found = kit_is(info.dialect, "acme") && kit_is(info.default_model, "small") && !info.unavailable;
    assert_true(found);
    assert_int_equal(mapped(), 1);
    shut(f);
    assert_string_equal(marked(), "open A,close A,gone A,");
    assert_int_equal(mapped(), 0);
}

/* The config's sources and the variables lie over what it brings; what the program registers, over both. */
static void test_order(void **state) {
    static const char *const env[] = {"ACME_BASE_URL", "https://variable.test", NULL};
    llmf_desc d;
    llmf_error err;
    llmf_factory *f;
    llmf_provider_desc p;
    char text[sizeof config + 100];
    (void)state;
    if (unsafe) skip();
    snprintf(text, sizeof text, "providers: {acme: {base_url: \"https://file.test\"}}\n%s", with("a.so", NULL)); /* before it in the file */
    f = open_good(text);
    assert_string_equal(say(f, "acme:m", false), "A1:hi");
    assert_string_equal(sent_url, "https://file.test/say/m");
    memset(&p, 0, sizeof p);
    p.name = "acme";
    p.base_url = "https://program.test";
    assert_int_equal(llmf_register(f, &p, NULL), LLMF_OK);
    assert_string_equal(say(f, "acme:m2", false), "A2:hi");
    assert_string_equal(sent_url, "https://program.test/say/m2");
    assert_int_equal(llmf_reload(f, NULL), LLMF_OK);
    assert_string_equal(say(f, "acme:m2", false), "A3:hi");
    assert_string_equal(sent_url, "https://program.test/say/m2");
    shut(f);
    d = script_desc(&s, answer);
    s.w.env = env;
    d.config_text = with("a.so", NULL);
    f = llmf_open(&d, &err);
    assert_string_equal(say(f, "acme:m", false), "A1:hi");
    assert_string_equal(sent_url, "https://variable.test/say/m");
    shut(f);
}

/* An older plugin, one with nothing but a provider, one in another order of the sources. */
static void test_other_forms(void **state) {
    llmf_factory *f, *g;
    (void)state;
    if (unsafe) skip();
    build("x.so", "-DEARLIER");
    f = open_good(with("x.so", NULL));
    assert_string_equal(say(f, "acme:", false), "A1:hi");
    shut(f);
    build("x.so", "-DDIALECTS=0 -DLIST=NULL -DSPEAKS='\"openai\"'");
    f = open_good(with("x.so", NULL));
    reply_body = "{\"choices\":[{\"message\":{\"content\":\"like openai\"},\"finish_reason\":\"stop\"}]}";
    assert_string_equal(say(f, "acme:", false), "like openai");
    assert_string_equal(sent_url, "https://acme.test/chat/completions");
    shut(f);
    build("x.so", "-DPROVIDERS=0");
    f = open_good(with("x.so", "providers: {own: {dialect: acme, base_url: \"http://own.test\"}}"));
    assert_string_equal(say(f, "own:m", false), "A1:hi");
    g = open_good(with("x.so", "providers: {own: {dialect: acme, base_url: \"http://own.test\"}}")); /* a second factory has a copy of its own */
    assert_string_equal(say(g, "own:m", false), "A1:hi");
    assert_int_equal(mapped(), 2);
    llmf_close(f);
    assert_string_equal(say(g, "own:m", false), "A2:hi");
    shut(g);
    assert_int_equal(mapped(), 0);
}

/* ---- what is refused ---- */

static void refused(const char *text, int code, const char *part) {
    llmf_error err;
    llmf_factory *f = open_text(text, &err);
    if (f) fail_msg("opened: %s", text);
    if (err.code != code || !kit_has(err.text, part)) fail_msg("%d %s: not %d %s", err.code, err.text, code, part);
    kit_drop(&s.w.log);
    assert_int_equal(mapped(), 0);
}

static void test_bad_plugins(void **state) {
    static const struct {
        const char *flags, *part, *marks;
        int code;
    } cases[] = {
        {"-DNO_ENTRY", "exports no llmf_plugin_entry", "gone A,", LLMF_ERR_CONFIG},
        {"-DOTHER_ABI", "it has ABI 7, and this program's llmfactory.h ABI 1; compile it with the program's", "gone A,", LLMF_ERR_CONFIG},
        {"-DSHORT", "too short", "gone A,", LLMF_ERR_CONFIG},
        {"-DLATER", "a later llmfactory.h", "gone A,", LLMF_ERR_CONFIG},
        {"-DHEADLESS", "does not begin with LLMF_PLUGIN_HEAD", "gone A,", LLMF_ERR_CONFIG},
        {"-DNEEDS", "llmf_close_what_is_not_there", "", LLMF_ERR_CONFIG},
        {"-DNAME=NULL", "its name is missing", "gone A,", LLMF_ERR_CONFIG},
        {"-DNAME='\"a b\"'", "its name is missing, or has other characters", "gone A,", LLMF_ERR_CONFIG},
        {"-DOPENS='\"no licence\"'", "it does not open: no licence", "open A,gone A,", LLMF_ERR_CONFIG},
        {"-DDIALECT=NULL -DSPEAKS='\"openai\"'", "one of its dialects has no name", "open A,close A,gone A,", LLMF_ERR_CONFIG},
        {"-DBODY=NULL", "needs body and on_frame, and this one of it lacks them: acme", "open A,close A,gone A,", LLMF_ERR_CONFIG},
        {"-DFRAMING=9", "no LLMF_FRAMING_ value: acme", "open A,close A,gone A,", LLMF_ERR_CONFIG},
        {"-DDIALECTS=2", "two dialects of the same name: acme", "open A,close A,gone A,", LLMF_ERR_CONFIG},
        {"-DDIALECTS=33", "more dialects or providers than LLMF_MAX_REGISTERED", "open A,close A,gone A,", LLMF_ERR_LIMIT},
        {"-DLIST=NULL", "dialects or providers is NULL", "open A,close A,gone A,", LLMF_ERR_CONFIG},
        {"-DDIALECTS=0 -DPROVIDERS=0", "neither dialects nor providers", "open A,close A,gone A,", LLMF_ERR_CONFIG},
        {"-DDIALECT='\"openai\"'", "its dialect openai is one of the library's own", "open A,close A,gone A,", LLMF_ERR_CONFIG},
        {"-DPROVIDER='\"openai\"'", "its provider openai is one of the library's own", "open A,close A,gone A,", LLMF_ERR_CONFIG},
        {"-DPROVIDER='\"claude\"'", "its provider claude is one of the library's own", "open A,close A,gone A,", LLMF_ERR_CONFIG},
        {"-DPROVIDER=NULL", "need name, dialect and base_url", "open A,close A,gone A,", LLMF_ERR_CONFIG},
        {"-DBASE=NULL", "one lacks them: acme", "open A,close A,gone A,", LLMF_ERR_CONFIG},
        {"-DBASE='\"ftp://x\"'", "plugin acme: llmf_provider_desc: base_url is no URL", "open A,close A,gone A,", LLMF_ERR_CONFIG},
        {"-DSPEAKS='\"klingon\"'", "speaks a dialect that neither", "open A,close A,gone A,", LLMF_ERR_CONFIG},
    };
    size_t i;
    (void)state;
    if (unsafe) skip();
    for (i = 0; i < KIT_COUNT(cases); i++) {
        build("x.so", cases[i].flags);
        marked();
        refused(with("x.so", "models: {fast: {provider: acme, model_id: m}}\ndefault_model: fast\n"), cases[i].code, cases[i].part);
        if (strcmp(marked(), cases[i].marks) != 0) fail_msg("%s: %s", cases[i].flags, cases[i].marks);
    }
}

static void test_digest(void **state) {
    char wrong[PATH_MAX + 300];
    (void)state;
    if (unsafe) skip();
    loads = 0;
    snprintf(wrong, sizeof wrong, "plugins: {acme: {path: \"%s\", sha256: \"%s\"}}", at("a.so"), digest_of(at("b.so")));
    refused(wrong, LLMF_ERR_CONFIG, digest_of(at("a.so")));
    refused(wrong, LLMF_ERR_CONFIG, "config_text:1:11: error: plugin acme: its sha256 is ");
    assert_int_equal(loads, 0);
    snprintf(wrong, sizeof wrong, "plugins: {acme: {path: \"%s\", sha256: %s}}", at("a.so"), "1234567812345678123456781234567812345678123456781234567812345678");
    refused(wrong, LLMF_ERR_CONFIG, "its sha256 is "); /* digits alone are a digest all the same */
    assert_int_equal(loads, 0);
}

static void test_clashes(void **state) {
    char text[4 * PATH_MAX];
    (void)state;
    if (unsafe) skip();
    build("x.so", "-DPROVIDER='\"other\"'");
    build("y.so", "-DDIALECT='\"other\"'");
#define PAIR "plugins: {one: {path: \"%s\", sha256: \"%s\"}, two: {path: \"%s\", sha256: \"%s\"}}"
    snprintf(text, sizeof text, PAIR, at("a.so"), digest_of(at("a.so")), at("x.so"), digest_of(at("x.so")));
    refused(text, LLMF_ERR_CONFIG, "plugin two: its dialect acme is another plugin's too");
    snprintf(text, sizeof text, PAIR, at("a.so"), digest_of(at("a.so")), at("y.so"), digest_of(at("y.so")));
    refused(text, LLMF_ERR_CONFIG, "plugin two: its provider acme is another plugin's too");
    snprintf(text, sizeof text, PAIR, at("a.so"), digest_of(at("a.so")), at("a.so"), digest_of(at("a.so")));
    refused(text, LLMF_ERR_CONFIG, "another plugin of this config has the same sha256");
    assert_true(kit_has(marked(), "close A,gone A,"));
}

/* Whatever stands in the file, as long as the digest is its own. */
static void test_not_whole(void **state) {
    size_t len, cut, i;
    char *bytes;
    (void)state;
    if (unsafe) skip();
    bytes = read_all(at("a.so"), &len);
    assert_true(len > 4096 && len < 65536);
    for (i = 0; i < 24; i++) {
        cut = i < 8 ? (size_t)(i * 16) : len * (i - 7) / 26; /* its segments end at three quarters; behind them is what no loader reads */
        write_all(at("cut.so"), bytes, cut);
        refused(with("cut.so", NULL), LLMF_ERR_CONFIG, "no shared object of this machine, or not the whole of one");
    }
    write_text(at("cut.so"), "#!/bin/sh\necho this is no plugin, but it is long enough to have the head of one, were it one\n");
    refused(with("cut.so", NULL), LLMF_ERR_CONFIG, "no shared object");
    for (i = 0; i < 200; i++) { /* one byte of its headers is another: it may load or not */
        char was = bytes[i * 3];
        llmf_error err;
        llmf_factory *f;
        if (i * 3 == 18 || i * 3 == 16) continue;
        bytes[i * 3] = (char)(was ^ 0x80);
        write_all(at("cut.so"), bytes, len < 600 ? len : 600); /* never with all its segments: nothing wrong is run */
        bytes[i * 3] = was;
        f = open_text(with("cut.so", NULL), &err);
        if (f) fail_msg("%u", (unsigned)i);
        kit_drop(&s.w.log);
    }
    memset(bytes + len, 0, 65537);
    write_all(at("cut.so"), bytes, 65536); /* as long as may be: what is behind its end counts for the digest alone */
    shut(open_good(with("cut.so", NULL)));
    write_all(at("cut.so"), bytes, 65537);
    refused(with("cut.so", NULL), LLMF_ERR_LIMIT, "larger than LLMF_MAX_PLUGIN");
    free(bytes);
}

static void test_config_forms(void **state) {
#define DIGEST "0123456789abcdef0123456789ABCDEF0123456789abcdef0123456789abcdef"
    static const struct {
        const char *text, *part;
    } cases[] = {
        {"plugins: [a]", "1:10: error: plugins must be a mapping of names to plugins"},
        {"plugins: {a: b}", "1:14: error: a plugin must be a mapping with path, or url, and sha256"},
        {"plugins: {\"a b\": {path: x, sha256: " DIGEST "}}", "1:11: error: a plugin's name has letters"},
        {"plugins: {a: {sha256: " DIGEST "}}", "1:14: error: a plugin needs path or url"},
        {"plugins: {a: {path: x, url: \"https://x/y\", sha256: " DIGEST "}}", "1:14: error: a plugin needs path or url, one of them"},
        {"plugins: {a: {path: x}}", "1:14: error: a plugin needs sha256: 64 hexadecimal digits"},
        {"plugins: {a: {path: x, sha256: abc}}", "1:32: error: sha256 must be 64 hexadecimal digits"},
        {"plugins: {a: {path: x, sha256: g123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef}}", "1:32: error: sha256 must be 64 hexadecimal digits"},
        {"plugins: {a: {path: x, sha256: [1]}}", "1:32: error: sha256 must be 64"},
        {"plugins: {a: {path: \"\", sha256: " DIGEST "}}", "1:21: error: path is empty"},
        {"plugins: {a: {path: 5, sha256: " DIGEST "}}", "1:21: error: path must be a text"},
        {"plugins: {a: {path: \"x\\0y\", sha256: " DIGEST "}}", "1:21: error: path holds a NUL"},
        {"plugins: {a: {url: \"http://x/y\", sha256: " DIGEST "}}", "1:20: error: url must begin with https://, s3:// or ssm:"},
        {"plugins: {a: {path: x, sha265: " DIGEST "}}", "1:24: error: unknown key sha265; did you mean sha256?"},
        {"plugins: {a: {path: \"${NOWHERE}\", sha256: " DIGEST "}}", "the variable NOWHERE is not set"},
        {"pluginz: {a: {path: x, sha256: " DIGEST "}}\nmodels: {}", "unknown section pluginz; did you mean plugins?"},
    };
    size_t i;
    (void)state;
    loads = 0;
    for (i = 0; i < KIT_COUNT(cases); i++) refused(cases[i].text, LLMF_ERR_CONFIG, cases[i].part);
    refused("plugins: {a: {url: \"s3://bucket/a.so\", sha256: " DIGEST "}}", LLMF_ERR_CONFIG, "s3://bucket/a.so: no AWS region is known");
    refused("plugins: {a: {path: /nowhere/a.so, sha256: " DIGEST "}}", LLMF_ERR_CONFIG, "/nowhere/a.so: a directory on the way to it cannot be opened");
    assert_int_equal(loads, 0);
    shut(open_good("plugins: {a: null}"));
    shut(open_good("plugins:\n"));
}

/* ---- where they may lie ---- */

static void refused_at(const char *path, const char *part) {
    char text[PATH_MAX + 200];
    snprintf(text, sizeof text, "plugins: {acme: {path: \"%s\", sha256: \"%s\"}}", path, digest_of(at("a.so")));
    refused(text, LLMF_ERR_CONFIG, part);
}

static void good_at(const char *path) {
    char text[PATH_MAX + 200];
    llmf_factory *f;
    snprintf(text, sizeof text, "plugins: {acme: {path: \"%s\", sha256: \"%s\"}}", path, digest_of(at("a.so")));
    f = open_good(text);
    assert_string_equal(say(f, "acme:", false), "A1:hi");
    shut(f);
}

static void test_places(void **state) {
    static const char who[] = ": others than its owner may write to it; chmod go-w", anybody[] = ": anybody may write to a directory on the way to it";
    (void)state;
    if (unsafe) skip();
    run("cd '%s' && umask 022 && mkdir -p ok/deep open sticky && cp a.so ok/deep && cp a.so open && cp a.so sticky && cp a.so w.so && cp a.so g.so && chmod 777 open && chmod 1777 sticky && "
        "ln -sf ok/deep/a.so link.so && ln -sf \"$PWD/ok\" ok2 && ln -sf open/a.so bad.so && ln -sf ../a.so open/good.so && ln -sf open away && ln -sf loop loop && mkfifo pipe && "
        "ln -sf ../../link.so ok/deep/up.so && chmod 666 w.so && chmod 664 g.so",
        folder);
    good_at(at("a.so"));
    good_at(at("ok/deep/a.so"));
    good_at(at("link.so"));
    good_at(at("ok2/deep//./up.so"));
    good_at(at("ok/../ok/deep/../../a.so"));
    refused_at(at("w.so"), who);
    refused_at(at("g.so"), who);
    refused_at(at("open/a.so"), anybody);
    refused_at(at("sticky/a.so"), anybody);
    refused_at(at("bad.so"), anybody);
    refused_at(at("open/good.so"), anybody); /* the file is good, but anybody may say which it is */
    refused_at(at("away/a.so"), anybody);
    refused_at(at("open/../a.so"), anybody);
    refused_at(at("loop"), "too many links");
    refused_at(at("pipe"), "is no file");
    refused_at(at("ok"), "is no file");
    refused_at(at("none.so"), "cannot be opened; is the path right?");
    refused_at(at("a.so/a.so"), "a directory on the way to it cannot be opened");
    refused_at("/", "is no file");
    refused_at("/tmp/a.so", anybody);
    if (geteuid() == 0) {
        run("cd '%s' && cp a.so o.so && chown 12345 o.so && mkdir -p theirs && cp a.so theirs && chown 12345 theirs", folder);
        refused_at(at("o.so"), "belongs neither to root nor to the user who runs this; chown it");
        refused_at(at("theirs/a.so"), "a directory on the way to it belongs neither to root");
    } else {
        run("cd '%s' && cp a.so o.so && chmod 000 o.so", folder);
        refused_at(at("o.so"), "may not be read");
    }
}

/* A path is the config file's: relative to it, wherever the program runs. */
static void test_relative(void **state) {
    llmf_desc d;
    llmf_error err;
    llmf_factory *f;
    char text[300], names[2][PATH_MAX + 64], here[PATH_MAX];
    const char *both[2];
    (void)state;
    if (unsafe) skip();
    run("mkdir -p '%s/conf/plugins' && cp '%s/a.so' '%s/conf/plugins/'", folder, folder, folder);
    snprintf(text, sizeof text, "{\"plugins\": {\"acme\": {\"path\": \"plugins/a.so\", \"sha256\": \"%s\"}}}", digest_of(at("a.so")));
    write_text(at("conf/z.json"), text);
    write_text(at("conf/fast.yaml"), "provider: acme\nmodel_id: m\n"); /* read before it, by name */
    d = script_desc(&s, answer);
    d.config = at("conf");
    f = llmf_open(&d, &err);
    if (!f) fail_msg("%s", err.text);
    assert_string_equal(say(f, "fast", false), "A1:hi");
    shut(f);
    /* of two sources the later one counts, whole */
    snprintf(text, sizeof text, "plugins: {acme: {path: nowhere.so, sha256: " DIGEST "}}");
    write_text(at("early.yaml"), text);
    snprintf(names[0], sizeof names[0], "%s", at("early.yaml"));
    snprintf(names[1], sizeof names[1], "%s", at("conf"));
    both[0] = names[0];
    both[1] = names[1];
    d = script_desc(&s, answer);
    d.configs = both;
    d.config_count = 2;
    f = llmf_open(&d, &err);
    if (!f) fail_msg("%s", err.text);
    shut(f);
    /* a text has no place: the directory of the process */
    if (!getcwd(here, sizeof here) || chdir(folder) != 0) fail();
    snprintf(text, sizeof text, "plugins: {acme: {path: conf/plugins/a.so, sha256: %s}}", digest_of("a.so"));
    f = open_text(text, &err);
    if (chdir(here) != 0) fail();
    if (!f) fail_msg("%s", err.text);
    shut(f);
}

/* ---- what was looked at is what is loaded ---- */

static void swap(const char *path) {
    (void)path;
    run("cp '%s' '%s'", at("b.so"), at("swap.so"));
}

static void test_swapped(void **state) {
    char path[PATH_MAX];
    llmf_factory *f;
    (void)state;
    if (unsafe) skip();
    for (no_memory_files = 0; no_memory_files < 2; no_memory_files++) {
        run("cp '%s' '%s'", at("a.so"), at("swap.so"));
        with("swap.so", NULL);
        before_load = swap;
        loaded_path = path;
        f = open_good(config);
        before_load = NULL;
        loaded_path = NULL;
        assert_string_equal(digest_of(at("swap.so")), digest_of(at("b.so"))); /* it was exchanged */
        assert_string_equal(say(f, "acme:", false), "A1:hi");
        assert_true(!strncmp(path, no_memory_files ? "/tmp/llmf-" : "/proc/self/fd/", no_memory_files ? 10 : 14));
        if (no_memory_files) assert_int_not_equal(access(path, F_OK), 0); /* its copy has no name any more */
        shut(f);
        assert_int_equal(mapped(), 0);
    }
    no_memory_files = 0;
}

/* A copy in memory that nobody can write to, not even this process. */
static void try_to_write(const char *path) {
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, "x", 1, 0), -1);
    assert_int_not_equal(ftruncate(fd, 0), 0);
    close(fd);
}

static void test_sealed(void **state) {
    (void)state;
    if (unsafe) skip();
    before_load = try_to_write;
    shut(open_good(with("a.so", NULL)));
    before_load = NULL;
}

/* One that cannot be unloaded keeps its name: what is loaded next must not be taken for it. */
static void test_name_is_taken(void **state) {
    llmf_factory *f;
    (void)state;
    if (unsafe) skip();
    build("x.so", "-Wl,-z,nodelete -DTAG='\"S\"'");
    f = open_good(with("x.so", NULL));
    assert_string_equal(say(f, "acme:", false), "S1:hi");
    shut(f);
    f = open_good(with("a.so", NULL));
    assert_string_equal(say(f, "acme:", false), "A1:hi");
    shut(f);
}

/* ---- reloading ---- */

static char file[PATH_MAX + 64];

static void put_config(const char *name, const char *more) {
    with(name, more);
    write_text(file, config);
}

static void test_reload(void **state) {
    llmf_desc d;
    llmf_error err;
    llmf_request req;
    llmf_factory *f;
    llmf_model m;
    llmf_call c;
    kit_seen seen;
    (void)state;
    if (unsafe) skip();
    snprintf(file, sizeof file, "%s", at("plugins.yaml"));
    put_config("a.so", NULL);
    d = script_desc(&s, answer);
    reply_body = "{\"t\":\"hi\",\"end\":1}";
    d.config = file;
    marked();
    f = llmf_open(&d, &err);
    m = llmf_get(f, "acme:m", NULL);
    assert_string_equal(say(f, "acme:m", false), "A1:hi");
    put_config("a.so", "models: {fast: {provider: acme, model_id: n}}");
    assert_int_equal(llmf_reload(f, &err), LLMF_OK);
    assert_string_equal(say(f, "fast", false), "A2:hi"); /* the same copy */
    assert_string_equal(marked(), "open A,");
    /* a call is under way while another one comes */
    memset(&req, 0, sizeof req);
    memset(&seen, 0, sizeof seen);
    req.prompt = "Say";
    c = llmf_start(f, m, &req);
    llmf_poll(f, 0);
    put_config("b.so", NULL);
    assert_int_equal(llmf_reload(f, &err), LLMF_OK);
    assert_string_equal(marked(), "open B,");
    assert_int_equal(mapped(), 2);
    assert_true(script_run(&s, f, c, &seen));
    assert_string_equal(seen.text.ptr, "A3:hi"); /* by the code that it began with */
    llmf_free(f, c);
    kit_forget(&seen);
    assert_string_equal(say(f, "acme:m", false), "B1:hi");
    /* a bad one changes nothing */
    build("x.so", "-DPROVIDER='\"openai\"' -DTAG='\"X\"'");
    put_config("x.so", NULL);
    assert_int_equal(llmf_reload(f, &err), LLMF_ERR_CONFIG);
    assert_true(kit_has(err.text, "openai is one of the library's own"));
    assert_string_equal(marked(), "open X,close X,gone X,");
    write_text(file, "models: {fast: {}}\nplugins: {acme: {path: x}}");
    assert_int_equal(llmf_reload(f, &err), LLMF_ERR_CONFIG);
    assert_string_equal(say(f, "acme:m", false), "B2:hi");
    /* back to the first, which is loaded yet; then to none */
    put_config("a.so", NULL);
    assert_int_equal(llmf_reload(f, &err), LLMF_OK);
    assert_string_equal(say(f, "acme:m", false), "A4:hi");
    assert_string_equal(marked(), "");
    write_text(file, "models: {}");
    assert_int_equal(llmf_reload(f, &err), LLMF_OK);
    llmf_get(f, "acme:m", &err);
    assert_int_equal(err.code, LLMF_ERR_UNKNOWN_MODEL);
    assert_int_equal(mapped(), 2);
    shut(f);
    assert_true(strcmp(marked(), "close B,gone B,close A,gone A,") == 0);
    assert_int_equal(mapped(), 0);
}

/* Twice LLMF_MAX_PLUGINS at most are loaded at once, however often a new one comes. */
static void test_many_reloads(void **state) {
    llmf_desc d;
    llmf_error err;
    llmf_factory *f;
    size_t len, i;
    char *bytes;
    (void)state;
    if (unsafe) skip();
    bytes = read_all(at("a.so"), &len);
    snprintf(file, sizeof file, "%s", at("plugins.yaml"));
    put_config("a.so", NULL);
    d = script_desc(&s, answer);
    reply_body = "{\"t\":\"hi\",\"end\":1}";
    d.config = file;
    f = llmf_open(&d, &err);
    for (i = 1; i < 12; i++) {
        bytes[len] = (char)i; /* another digest */
        write_all(at("n.so"), bytes, len + 1);
        put_config("n.so", NULL);
        if (llmf_reload(f, &err) != LLMF_OK) fail_msg("%s", err.text);
        assert_string_equal(say(f, "acme:m", false), "A1:hi");
        assert_true(mapped() <= 6);
    }
    assert_int_equal(mapped(), 6);
    shut(f);
    assert_int_equal(mapped(), 0);
    free(bytes);
    snprintf(config, sizeof config, "plugins: {a: {path: x, sha256: " DIGEST "}, b: {path: x, sha256: " DIGEST "}, c: {path: x, sha256: " DIGEST "}, d: {path: x, sha256: " DIGEST "}}");
    refused(config, LLMF_ERR_CONFIG, "cannot be opened");
}

/* Each request to the heap refused in turn: the reload fails as a whole, and what it had loaded is gone. */
static void test_memory(void **state) {
    llmf_desc d;
    llmf_error err;
    llmf_factory *f;
    int n, failed = 0;
    (void)state;
    if (unsafe) skip();
    snprintf(file, sizeof file, "%s", at("plugins.yaml"));
    write_text(file, "models: {}");
    d = script_desc(&s, answer);
    reply_body = "{\"t\":\"hi\",\"end\":1}";
    d.config = file;
    d.log = NULL;
    f = llmf_open(&d, &err);
    put_config("a.so", NULL);
    for (n = 1; n < 200; n++) {
        llmf_fail_memory(f, (uint64_t)n, true);
        if (llmf_reload(f, &err) == LLMF_OK) break;
        assert_int_equal(err.code, LLMF_ERR_MEMORY);
        assert_int_equal(mapped(), 0);
        failed++;
    }
    llmf_fail_memory(f, 0, false);
    assert_true(failed > 3 && n < 200);
    assert_string_equal(say(f, "acme:", false), "A1:hi");
    shut(f);
}

/* ---- without loading, and from elsewhere ---- */

static int warnings;
static char first_warning[512];
static void told(void *user, const llmf_error *e) {
    (void)user;
    if (warnings++ == 0) snprintf(first_warning, sizeof first_warning, "%s", e->text);
}

static void test_check(void **state) {
    llmf_desc d;
    (void)state;
    if (unsafe) skip();
    loads = 0;
    d = script_desc(&s, answer);
    d.config_text = with("a.so", "models: {fast: {provider: acme, model_id: m}}\nproviders: {acme: {base_url: \"http://x\"}}\ndefault_model: acme:m");
    warnings = 0;
    assert_int_equal(llmf_check(&d, told, NULL), 0);
    assert_int_equal(warnings, 1); /* whether it is the plugin's nobody knows */
    assert_true(kit_has(first_warning, "3:13: warning: the provider acme is new: it needs the keys dialect and base_url") && kit_has(first_warning, "or a plugin, none of which is loaded here, must have it"));
    d.config_text = with("a.so", "models: {fast: {provider: acme, model_id: m}}\ndefault_model: acme:m");
    warnings = 0;
    assert_int_equal(llmf_check(&d, told, NULL), 0);
    assert_int_equal(warnings, 2);
    assert_true(kit_has(first_warning, "or it is a plugin's, none of which is loaded here"));
    d.config_text = "plugins: {acme: {path: x}}";
    assert_int_equal(llmf_check(&d, told, NULL), 1);
    d.config_text = "default_model: acme:m";
    assert_int_equal(llmf_check(&d, told, NULL), 1);
    assert_int_equal(loads, 0);
    d.config_text = with("a.so", NULL);
    assert_true(llmf_min_memory(&d) > 0);
    assert_int_equal(mapped(), 0);
    kit_drop(&s.w.log);
}

/* The hook for sources: bytes in pieces of any size. */
static char *fetched;
static size_t fetched_len;
static char fetched_url[100];
static bool fetch(void *user, llmf_str url, llmfi_so *into, llmf_error *err) {
    size_t at, n;
    (void)user;
    snprintf(fetched_url, sizeof fetched_url, "%.*s", (int)url.len, url.ptr);
    for (at = 0; at < fetched_len; at += n) {
        n = fetched_len - at < 777 ? fetched_len - at : 777;
        if (!llmfi_so_add(into, fetched + at, n, err)) return false;
    }
    return fetched_len > 0 || llmfi_error_set(err, LLMF_ERR_NETWORK, "nobody there");
}

static void test_elsewhere(void **state) {
    llmf_desc d;
    llmf_error err;
    llmf_factory *f;
    llmfi_plugin_from from;
    unsigned char digest[32];
    llmfi_sha256 h;
    llmfi_plugin *p;
    (void)state;
    if (unsafe) skip();
    fetched = read_all(at("a.so"), &fetched_len);
    snprintf(file, sizeof file, "%s", at("plugins.yaml"));
    write_text(file, "models: {}");
    d = script_desc(&s, answer);
    reply_body = "{\"t\":\"hi\",\"end\":1}";
    d.config = file;
    f = llmf_open(&d, &err);
    f->plugins.fetch = fetch;
    snprintf(config, sizeof config, "plugins: {acme: {url: \"s3://bucket/a.so\", sha256: %s}}", digest_of(at("a.so")));
    write_text(file, config);
    if (llmf_reload(f, &err) != LLMF_OK) fail_msg("%s", err.text);
    assert_string_equal(fetched_url, "s3://bucket/a.so");
    assert_string_equal(say(f, "acme:", false), "A1:hi");
    fetched_url[0] = '\0';
    assert_int_equal(llmf_reload(f, &err), LLMF_OK);
    assert_string_equal(fetched_url, ""); /* what is loaded is not fetched again */
    snprintf(config, sizeof config, "plugins: {acme: {url: \"s3://bucket/a.so\", sha256: %s}}", digest_of(at("b.so")));
    write_text(file, config);
    assert_int_equal(llmf_reload(f, &err), LLMF_ERR_CONFIG);
    assert_true(kit_has(err.text, "its sha256 is "));
    fetched_len = 0;
    assert_int_equal(llmf_reload(f, &err), LLMF_ERR_NETWORK);
    assert_true(kit_has(err.text, "plugin acme: nobody there"));
    memset(&from, 0, sizeof from);
    free(fetched);
    fetched = read_all(at("b.so"), &fetched_len);
    from.bytes = llmfi_str(fetched, fetched_len);
    llmfi_sha256_init(&h);
    llmfi_sha256_add(&h, fetched, fetched_len);
    llmfi_sha256_end(&h, digest);
    p = llmfi_plugin_get(&f->plugins, &from, digest, &err);
    assert_non_null(p);
    assert_int_equal(mapped(), 2);
    llmfi_plugins_drop(&f->plugins);
    assert_int_equal(mapped(), 1);
    shut(f);
    free(fetched);
}

static int begin(void **state) {
    char here[PATH_MAX - 64];
    (void)state;
    if (!getcwd(here, sizeof here) || system("umask 022; mkdir -p build/plugins") != 0) return -1;
    snprintf(folder, sizeof folder, "%s/build/plugins/test-XXXXXX", here);
    if (!mkdtemp(folder)) return -1;
    chmod(folder, 0755);
    snprintf(marks, sizeof marks, "%s/marks", folder);
    setenv("PLUGIN_MARKS", marks, 1);
    unsafe = !safe(folder);
    if (unsafe) print_message("anybody, or another user, may write to a directory above %s: the tests that load are skipped\n", folder);
    build("a.so", "");
    build("b.so", "-DTAG='\"B\"'");
    return 0;
}

static int end(void **state) {
    char command[PATH_MAX + 20];
    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),      cmocka_unit_test(test_order),    cmocka_unit_test(test_other_forms), cmocka_unit_test(test_bad_plugins),
        cmocka_unit_test(test_digest),       cmocka_unit_test(test_clashes),  cmocka_unit_test(test_not_whole),   cmocka_unit_test(test_config_forms),
        cmocka_unit_test(test_places),       cmocka_unit_test(test_relative), cmocka_unit_test(test_swapped),     cmocka_unit_test(test_sealed),
        cmocka_unit_test(test_reload),       cmocka_unit_test(test_many_reloads), cmocka_unit_test(test_memory),  cmocka_unit_test(test_check),
        cmocka_unit_test(test_elsewhere),    cmocka_unit_test(test_name_is_taken),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
