/* llmf: the library for people and scripts. It uses the public functions of llmfactory.h only. */
#define LLMFACTORY_IMPLEMENTATION
#include "../llmfactory.h"

#include "llmf/chat.h"
#include "llmf/operations.h"
#include "llmf/options.h"
#include "llmf/print.h"
#include "llmf/replay.h"
#include "llmf/request.h"

static int failed(const llmf_error *e, bool json) {
    if (json) print_failure(stdout, e);
    else fprintf(stderr, "llmf: %s: %s\n", llmf_result_name(e->code), e->text);
    return EXIT_FAILED;
}

static int failed_text(int code, const char *what) {
    llmf_error e;
    memset(&e, 0, sizeof e);
    e.code = code;
    e.retry_after_ms = LLMF_UNKNOWN;
    snprintf(e.text, sizeof e.text, "%s", what);
    return failed(&e, true);
}

/* ---- call, request ---- */

/* Reads the Request from stdin and opens what it names. NULL with the failure printed. */
static llmf_factory *open_request(options *o, request *r, llmf_model *m) {
    static text in;
    llmf_error err;
    llmf_factory *f;
    llmf_str json;
    if (!read_all(stdin, &in)) die("cannot read stdin", NULL);
    json.ptr = in.ptr;
    json.len = in.len;
    if (!parse_request(json, r)) {
        failed_text(LLMF_ERR_ARGUMENT, r->problem);
        return NULL;
    }
    f = llmf_open(&o->desc, &err);
    if (f) *m = llmf_get(f, r->model, &err);
    if (f && m->id) return f;
    failed(&err, true);
    llmf_close(f);
    return NULL;
}

static int run_call(options *o, int argc, char **argv) {
    request r;
    llmf_model m;
    llmf_event ev;
    llmf_call c;
    llmf_factory *f;
    bool events = argc == 1 && strcmp(argv[0], "--stream") == 0, ok = false;
    if (argc > (events ? 1 : 0)) die("unknown option of call", argv[0]);
    f = open_request(o, &r, &m);
    if (!f) return EXIT_FAILED;
    r.req.stream = events;
    c = llmf_start(f, m, &r.req);
    if (!c.id) {
        llmf_error err;
        llmf_last_error(f, &err);
        llmf_close(f);
        return failed(&err, true);
    }
    do {
        while (llmf_next(f, c, &ev)) {
            if (events) print_event(stdout, &ev);
            else if (ev.response) print_response(stdout, ev.response);
            if (ev.type == LLMF_EVENT_DONE) ok = true;
        }
    } while (llmf_poll(f, -1) > 0);
    if (!events) fputs("\n", stdout);
    llmf_free(f, c);
    llmf_close(f);
    return ok ? EXIT_DONE : EXIT_FAILED;
}

static void print_preview(const llmf_preview *p) {
    llmf_str boundary = form_boundary(p);
    size_t i;
    fputs("{\"method\":", stdout);
    put_json(stdout, p->method);
    put_member(stdout, "url", p->url);
    fputs(",\"headers\":{", stdout);
    for (i = 0; i < p->header_count; i++) {
        if (i) fputs(",", stdout);
        put_json(stdout, p->headers[i].name);
        fputs(":", stdout);
        put_json(stdout, p->headers[i].value);
    }
    fputs("},\"body\":", stdout);
    if (boundary.len) print_form(p->body, boundary);
    else if (!p->body.len) fputs("null", stdout);
    else if (llmf_json_valid(p->body, NULL)) put_line(stdout, p->body);
    else put_json(stdout, p->body);
    fputs("}\n", stdout);
}

/* The operation of a word, or -1. */
static int op_named(const char *word) {
    static const char *const words[] = {"chat", "embed", "transcribe", "count", "models"};
    int i;
    for (i = 0; i < 5; i++)
        if (strcmp(words[i], word) == 0) return i;
    return -1;
}

static int run_request(options *o, int argc, char **argv) {
    request r;
    llmf_model m;
    llmf_preview p;
    llmf_factory *f;
    int i, op = LLMF_OP_CHAT, status = EXIT_DONE;
    for (i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--stream") == 0) continue;
        if (strcmp(argv[i], "--op") != 0) die("unknown option of request", argv[i]);
        op = op_named(option_value(argc, argv, &i));
        if (op < 0) die("--op takes chat, embed, transcribe, count or models, not", argv[i]);
    }
    if (op == LLMF_OP_TRANSCRIBE) o->desc.memory_size = (size_t)256 << 20; /* the file is shown as it would be sent */
    f = open_request(o, &r, &m);
    if (!f) return EXIT_FAILED;
    r.req.op = op;
    for (i = 0; i < argc; i++)
        if (strcmp(argv[i], "--stream") == 0) r.req.stream = true;
    if (llmf_preview_request(f, m, &r.req, &p) == LLMF_OK) print_preview(&p);
    else status = failed(&p.error, true);
    llmf_free(f, p.call);
    llmf_close(f);
    return status;
}

/* ---- models, providers ---- */

/* A price in pico-dollars a token is one in millionths of a dollar a million tokens. */
static void put_million(int64_t pico) {
    put_usd(stdout, pico < INT64_MAX / 1000000 ? pico * 1000000 : INT64_MAX);
}

static void put_price(const char *name, int64_t pico) {
    if (pico == LLMF_UNKNOWN) return;
    printf(",\"%s\":", name);
    put_million(pico);
}

static void put_tiers(const llmf_model_info *m) {
    size_t i;
    fputs(",\"tiers\":[", stdout);
    for (i = 0; i < m->tier_count; i++) {
        const llmf_price_tier *tier = &m->tiers[i];
        printf("%s{\"above_input_tokens\":%lld", i ? "," : "", (long long)tier->above);
        put_price("input_token_cost_usd_per_million", tier->input);
        put_price("output_token_cost_usd_per_million", tier->output);
        put_price("cache_read_token_cost_usd_per_million", tier->cache_read);
        put_price("cache_write_token_cost_usd_per_million", tier->cache_write);
        fputs("}", stdout);
    }
    fputs("]", stdout);
}

/* The words that config files have for them. */
static const char *capability_name(int bit) {
    static const char *const names[] = {"tools", "images", "audio", "files", "reasoning", "schema", "embeddings", "transcription"};
    return bit < (int)(sizeof names / sizeof names[0]) ? names[bit] : NULL;
}

static void put_words(const char *name, uint32_t bits, const char *(*word)(int bit)) {
    const char *between = "";
    int bit;
    printf(",\"%s\":[", name);
    for (bit = 0; word(bit); bit++) {
        if (!(bits >> bit & 1)) continue;
        printf("%s\"%s\"", between, word(bit));
        between = ",";
    }
    fputs("]", stdout);
}

/* yyyymmdd as a date; nothing where it is 0. */
static void put_day(const char *name, int32_t day) {
    if (day) printf(",\"%s\":\"%04d-%02d-%02d\"", name, (int)(day / 10000), (int)(day / 100 % 100), (int)(day % 100));
}

static void print_model_json(const llmf_model_info *m) {
    fputs("{\"name\":", stdout);
    put_json(stdout, m->name);
    put_member(stdout, "provider", m->provider);
    put_member(stdout, "model_id", m->model_id);
    if (m->context_window > 0) put_number(stdout, "context_window", m->context_window);
    if (m->max_output > 0) put_number(stdout, "max_output_tokens", m->max_output);
    put_price("input_token_cost_usd_per_million", m->price_input);
    put_price("output_token_cost_usd_per_million", m->price_output);
    put_price("cache_read_token_cost_usd_per_million", m->price_cache_read);
    put_price("cache_write_token_cost_usd_per_million", m->price_cache_write);
    put_price("cache_write_1h_token_cost_usd_per_million", m->price_cache_write_1h);
    if (m->tier_count) put_tiers(m);
    put_words("capabilities", m->capabilities, capability_name);
    put_words("quirks", m->quirks, llmf_quirk_name);
    put_day("checked", m->checked);
    put_day("ends", m->ends);
    printf(",\"configured\":%s,\"available\":%s}", m->configured ? "true" : "false", m->unavailable == LLMF_OK ? "true" : "false");
}

static void print_model_line(const llmf_model_info *m) {
    printf("%-14.*s %-44.*s", (int)m->provider.len, m->provider.ptr, (int)m->name.len, m->name.ptr);
    if (m->context_window > 0) printf(" %9lld", (long long)m->context_window);
    else printf(" %9s", "-");
    if (m->price_input != LLMF_UNKNOWN && m->price_output != LLMF_UNKNOWN) {
        fputs("  $", stdout);
        put_million(m->price_input);
        fputs(" / $", stdout);
        put_million(m->price_output);
    }
    puts(m->unavailable == LLMF_ERR_NOT_BUILT ? "  (not in this build)" : m->unavailable ? "  (no key)" : "");
}

static int run_models(options *o, int argc, char **argv) {
    llmf_error err;
    llmf_model_info m;
    llmf_factory *f;
    const char *only = NULL;
    bool json = false, first = true;
    size_t at;
    int i;
    for (i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) json = true;
        else if (strcmp(argv[i], "--provider") == 0) only = option_value(argc, argv, &i);
        else die("unknown option of models", argv[i]);
    }
    f = llmf_open(&o->desc, &err);
    if (!f) return failed(&err, json);
    if (json) fputs("[", stdout);
    for (at = 0; llmf_model_at(f, at, &m); at++) {
        if (only && !is(m.provider, only)) continue;
        if (json && !first) fputs(",\n", stdout);
        if (json) print_model_json(&m);
        else print_model_line(&m);
        first = false;
    }
    if (json) fputs("]\n", stdout);
    llmf_close(f);
    return EXIT_DONE;
}

/* Where a provider stands in the chain: 0 the primary one, then its fallbacks. False: nowhere. */
static bool in_chain(llmf_factory *f, const llmf_provider_info *p, llmf_status_info *s, size_t *at) {
    for (*at = 0; llmf_provider_status(f, *at, s); ++*at)
        if (s->provider.len == p->name.len && memcmp(s->provider.ptr, p->name.ptr, p->name.len) == 0) return true;
    return false;
}

static const char *breaker_name(int breaker) {
    return breaker == LLMF_BREAKER_OPEN ? "open" : breaker == LLMF_BREAKER_HALF_OPEN ? "half_open" : "closed";
}

/* The members of what is in the chain; each begins with a comma. */
static void print_chain_json(const llmf_status_info *s, size_t at) {
    if (at) put_number(stdout, "fallback", (int64_t)at);
    put_known(stdout, "model", s->model);
    printf(",\"serving\":%s,\"breaker\":\"%s\"", s->current ? "true" : "false", breaker_name(s->breaker));
    if (s->cooldown_ms > 0) put_number(stdout, "cooldown_ms", s->cooldown_ms);
    if (s->requests_left >= 0) put_number(stdout, "requests_left", s->requests_left);
    if (s->tokens_left >= 0) put_number(stdout, "tokens_left", s->tokens_left);
}

static void print_chain_line(const llmf_status_info *s, size_t at) {
    if (at) printf(" (fallback %lu)", (unsigned long)at);
    if (at && s->current) printf(" (serving)");
    if (s->unavailable == LLMF_OK && s->reason[0]) printf(" (%s)", s->reason);
    if (s->requests_left >= 0) printf(" (%lld requests left)", (long long)s->requests_left);
    if (s->tokens_left >= 0) printf(" (%lld tokens left)", (long long)s->tokens_left);
}

static void print_provider_json(const llmf_provider_info *p, const llmf_status_info *s, size_t at) {
    fputs("{\"name\":", stdout);
    put_json(stdout, p->name);
    put_member(stdout, "dialect", p->dialect);
    put_member(stdout, "base_url", p->base_url);
    put_known(stdout, "key_variable", p->key_variable);
    put_known(stdout, "default_model", p->default_model);
    printf(",\"needs_key\":%s,\"has_key\":%s,\"current\":%s,\"available\":%s", p->needs_key ? "true" : "false", p->has_key ? "true" : "false",
           p->primary ? "true" : "false", p->unavailable == LLMF_OK ? "true" : "false");
    if (p->reason[0]) put_member(stdout, "reason", view(p->reason));
    if (s) print_chain_json(s, at);
    fputs("}", stdout);
}

static void print_provider_line(const llmf_provider_info *p, const llmf_status_info *s, size_t at) {
    printf("%-16.*s %-18.*s %s%s", (int)p->name.len, p->name.ptr, (int)p->dialect.len, p->dialect.ptr, p->unavailable ? p->reason : "ready", p->primary ? " (current)" : "");
    if (s) print_chain_line(s, at);
    puts("");
}

static int run_providers(options *o, int argc, char **argv) {
    llmf_error err;
    llmf_provider_info p;
    llmf_status_info s;
    llmf_factory *f;
    bool json = argc == 1 && strcmp(argv[0], "--json") == 0, chained;
    size_t at, place;
    if (argc && !json) die("unknown option of providers", argv[0]);
    f = llmf_open(&o->desc, &err);
    if (!f) return failed(&err, json);
    if (json) fputs("[", stdout);
    for (at = 0; llmf_provider_at(f, at, &p); at++) {
        if (json && at) fputs(",\n", stdout);
        chained = in_chain(f, &p, &s, &place);
        if (json) print_provider_json(&p, chained ? &s : NULL, place);
        else print_provider_line(&p, chained ? &s : NULL, place);
    }
    if (json) fputs("]\n", stdout);
    llmf_close(f);
    return EXIT_DONE;
}

/* ---- check ---- */

static void on_problem(void *user, const llmf_error *e) {
    (void)user;
    fprintf(stderr, "%s\n", e->text);
}

static int run_check(options *o, int argc, char **argv) {
    size_t problems;
    int i;
    if (!argc) die("check needs at least one PATH", NULL);
    for (i = 0; i < argc; i++) {
        if (o->desc.config_count == MAX_CONFIGS) die("too many paths", NULL);
        o->configs[o->desc.config_count++] = argv[i];
    }
    o->desc.log = NULL;
    problems = llmf_check(&o->desc, on_problem, NULL);
    if (problems) return EXIT_FAILED;
    puts("ok");
    return EXIT_DONE;
}

/* ---- the table of commands ---- */

typedef struct command {
    const char *name, *arguments, *what;
    int (*run)(options *o, int argc, char **argv);
} command;

static const command commands[] = {
    {"chat", "[-m MODEL] [-s SYSTEM] [--image F] [--tools F] [--json [SCHEMA]] [--no-stream] [PROMPT... | --prompt NAME [--var NAME=TEXT]...]", "answers one prompt, or talks", run_chat},
    {"chain", "NAME [--var NAME=TEXT]... [--json] [--no-stream]", "runs a chain of the config's prompts", run_chain},
    {"call", "[--stream]", "a Request (JSON) from stdin; prints the Response, or its events", run_call},
    {"request", "[--op chat|embed|transcribe|count|models] [--stream]", "a Request from stdin; prints the HTTP request, sends nothing", run_request},
    {"replay", "[--chunk N|each|SEED:random] FILE...", "decodes recorded interactions", run_replay},
    {"embed", "-m MODEL [--dimensions N] [--purpose P] [TEXT...]", "vectors of texts: arguments, or lines of stdin", run_embed},
    {"transcribe", "-m MODEL [--language L] [--segments] [--json] AUDIO", "the text of an audio file", run_transcribe},
    {"tokens", "-m MODEL [--ranks FILE] [--request] [--provider]", "counts the tokens of stdin: a text, or a Request", run_tokens},
    {"models", "[--provider P] [--json]", "what models are known", run_models},
    {"providers", "[--json]", "what providers are known, and what each still needs", run_providers},
    {"check", "PATH...", "validates config files", run_check},
};

static int usage(FILE *f, int status) {
    size_t i;
    fputs("usage: llmf [OPTION...] COMMAND [ARGUMENT...]\n\n", f);
    for (i = 0; i < sizeof commands / sizeof commands[0]; i++) fprintf(f, "  llmf %s %s\n      %s\n", commands[i].name, commands[i].arguments, commands[i].what);
    fputs("\noptions: --config PATH (repeatable), --env-file PATH (default .env if it exists), --base-url URL,\n"
          "  --api-key-env NAME, --timeout MS, --log error|warning|info|debug, -h, --version\n"
          "exit status: 0 done, 1 the call failed, 2 wrong usage\n",
          f);
    return status;
}

int main(int argc, char **argv) {
    static options o;
    char **rest = (char **)get_memory(NULL, (size_t)(argc + 1) * sizeof *rest);
    int i, count = 0, status = EXIT_USAGE;
    size_t c;
    for (i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--version") == 0 && !count) return puts(llmf_build_info()), EXIT_DONE;
        if (strcmp(argv[i], "-h") == 0 || strcmp(argv[i], "--help") == 0) return usage(stdout, EXIT_DONE);
        if (!take_option(&o, argc, argv, &i)) rest[count++] = argv[i];
    }
    finish_options(&o);
    if (!count) return usage(stderr, EXIT_USAGE);
    for (c = 0; c < sizeof commands / sizeof commands[0]; c++)
        if (strcmp(commands[c].name, rest[0]) == 0) break;
    if (c == sizeof commands / sizeof commands[0]) fprintf(stderr, "llmf: unknown command %s; llmf -h lists them\n", rest[0]);
    else status = commands[c].run(&o, count - 1, rest + 1);
    if (fflush(stdout) != 0) status = EXIT_FAILED;
    free(rest);
    return status;
}
