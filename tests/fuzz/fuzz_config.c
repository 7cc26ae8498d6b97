/* Any text as config, through llmf_check, llmf_open, llmf_get, llmf_create and llmf_reload, with an environment of the test's own. Whatever it says: check and open
   agree, each problem has its place, nothing tells what a variable held, and what is dropped or replaced gives its memory back.
   The input: one byte that says what memory is refused, one for the environment, then the config, a name and the settings of llmf_create, with NUL between. */
#define LLMFACTORY_IMPLEMENTATION
#define LLMF_NO_CURL 1 /* nothing goes over a network here */
#include "../../llmfactory.h"
#include <stdio.h>

static char block[2 << 20], check_block[8 << 20];
static unsigned variables;
static size_t problems, lent;
static bool planted;                         /* the input itself holds what must not be told */

static void must_at(bool ok, int line, const char *what) {
    if (ok) return;
    fprintf(stderr, "fuzz_config.c:%d: does not hold: %s\n", line, what);
    abort();
}
#define must(ok) must_at((ok), __LINE__, "")
#define must_of(ok, what) must_at((ok), __LINE__, (what))

static const char *fake_env(void *user, const char *name) {
    static const char *const all[][2] = {
        {"OPENAI_API_KEY", "canary-1"}, {"S", "canary-2"}, {"U", "http://host:1/v1"}, {"N", "7"}, {"E", ""}, {"LLM_PROVIDER", "anthropic"}, {"OLLAMA_BASE_URL", "http://[::1]:9"},
        {"GROQ_MODEL", "canary-3"},
    };
    size_t i;
    (void)user;
    for (i = 0; i < LLMFI_COUNT(all); i++)
        if (strcmp(all[i][0], name) == 0) return variables >> i & 1 ? all[i][1] : NULL;
    return NULL;
}

static void *lend(void *user, void *ptr, size_t old_size, size_t size) {
    (void)user, (void)ptr, (void)old_size;
    lent += size ? 1 : (size_t)-1;
    return size && size <= sizeof check_block ? check_block : NULL;
}

static void check_error(const llmf_error *e) {
    size_t len = strlen(e->text);
    must(len > 0 && len < sizeof e->text && e->code > LLMF_OK && e->code <= LLMF_ERR_ALL_FAILED && llmfi_utf8_valid(llmfi_cstr(e->text), NULL));
    must_of(planted || !strstr(e->text, "canary"), e->text);
    must_of((e->line > 0) == (e->column > 0), e->text);
}

static void on_problem(void *user, const llmf_error *e) {
    char place[64];
    (void)user;
    check_error(e);
    must_of(e->line > 0, e->text);
    snprintf(place, sizeof place, "config_text:%u:%u: warning: ", (unsigned)e->line, (unsigned)e->column);
    if (strncmp(e->text, place, strlen(place)) != 0) problems++; /* behind it the input's own words may stand */
}

static void check_text(llmf_str s) {
    must(s.len == 0 || (s.ptr[s.len] == '\0' && llmfi_utf8_valid(s, NULL)));
}

static void check_model(const llmf_model_info *i) {
    check_text(i->name);
    check_text(i->provider);
    check_text(i->model_id);
    check_text(i->dialect);
    check_text(i->base_url);
    check_text(i->description);
    must(i->provider.len > 0 && i->price_input >= LLMF_UNKNOWN && i->price_output >= LLMF_UNKNOWN);
    must(i->context_window >= LLMF_UNKNOWN && i->max_output >= LLMF_UNKNOWN);
}

/* Every model of the config, as a handle. */
static void walk(llmf_factory *f, bool calm) {
    llmf_model_info i, again;
    llmf_provider_info p;
    llmf_error err;
    size_t at;
    for (at = 0; llmf_model_at(f, at, &i) && i.configured; at++) {
        char name[600];
        llmf_model m;
        check_model(&i);
        if (i.name.len >= sizeof name || memchr(i.name.ptr, '\0', i.name.len)) continue;
        memcpy(name, i.name.ptr, i.name.len);
        name[i.name.len] = '\0';
        m = llmf_get(f, name, &err);
        if (!m.id) check_error(&err);
        must_of(m.id || !calm || err.code != LLMF_ERR_UNKNOWN_MODEL || !name[0], err.text);
        if (m.id && llmf_describe(f, m, &again) == LLMF_OK) check_model(&again);
    }
    for (at = 0; at < 40 && llmf_provider_at(f, at, &p); at++) {
        check_text(p.name);
        check_text(p.base_url);
        must(planted || !strstr(p.reason, "canary"));
    }
}

static void make(llmf_factory *f, const char *name, const char *config) {
    llmf_error err;
    llmf_model m;
    llmf_model_info i;
    llmf_request req;
    llmf_preview p;
    m = llmf_create(f, name, config, &err);
    if (!m.id) {
        check_error(&err);
        return;
    }
    if (llmf_describe(f, m, &i) == LLMF_OK) check_model(&i);
    memset(&req, 0, sizeof req);
    req.prompt = "x";
    if (llmf_preview_request(f, m, &req, &p) == LLMF_OK) must(llmf_json_valid(p.body, NULL) && llmfi_url_bad_char(p.url) == LLMFI_NOWHERE);
    else check_error(&p.error);
    llmf_free(f, p.call);
    llmf_drop(f, m);
    must(llmf_describe(f, m, &i) == LLMF_ERR_STALE);
}

/* Bytes of what is known of models since there were `before` of them: that stays. */
static size_t learned(const llmf_factory *f, size_t before) {
    const llmfi_health *h = f->health;
    size_t bytes = 0, i = f->health_count;
    for (; h && i > before; h = h->next, i--) bytes += llmfi_heap_size(&f->heap, h);
    return bytes;
}

static void use(llmf_factory *f, uint8_t refuse, const char *name, const char *config) {
    llmf_error err;
    llmf_model m;
    size_t used, known;
    m = llmf_get(f, name, &err);
    if (!m.id) check_error(&err);
    walk(f, true);
    used = f->heap.used;
    known = (size_t)f->health_count;
    make(f, name, config);
    must(f->handles.slots.cap > 64 * 1024 || f->heap.used <= used + f->handles.slots.cap + learned(f, known));
    if (refuse) llmf_fail_memory(f, refuse & 63, refuse & 64);
    if (llmf_reload(f, &err) != LLMF_OK) check_error(&err);
    walk(f, false);
    make(f, name, config);
    llmf_fail_memory(f, 0, false);
    must(llmf_reload(f, &err) == LLMF_OK);
    walk(f, true);
    used = f->heap.used;
    make(f, name, config);
    must(llmf_reload(f, &err) == LLMF_OK);
    walk(f, true);
    must(f->heap.used == used);
}

static const char *piece(const char **at, const char *end) {
    const char *from = *at;
    *at = from + strlen(from) < end ? from + strlen(from) + 1 : end;
    return from;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static char text[4100];
    llmf_desc d;
    llmf_error err;
    llmf_factory *f;
    const char *at = text, *config, *name, *own;
    size_t count;
    if (size < 2 || size > 4096) return 0;
    memcpy(text, data + 2, size - 2);
    text[size - 2] = text[size - 1] = '\0';
    config = piece(&at, text + size - 2);
    name = piece(&at, text + size - 2);
    own = piece(&at, text + size - 2);
    variables = data[1];
    planted = strstr(config, "cana") || strstr(name, "cana") || strstr(own, "cana") || strstr(config, "nary") || strstr(own, "nary");
    memset(&d, 0, sizeof d);
    d.config_text = config;
    d.getenv_fn = fake_env;
    d.alloc = lend;
    d.transport = "replay";
    problems = 0;
    count = llmf_check(&d, on_problem, NULL);
    must(count == problems && lent == 0);
    d.alloc = NULL;
    d.memory = block + 1 + data[0] % 16;
    d.memory_size = sizeof block - 32;
    d.max_models = 3;
    f = llmf_open(&d, &err);
    must_of((f != NULL) == (count == 0), f ? "opened" : err.text);
    if (f) use(f, data[0], name, own);
    else check_error(&err);
    llmf_close(f);
    return 0;
}
