/* llmf chat: one answer as it streams, or a conversation. llmf chain: several prompts, of which the last answer streams. */
#ifndef LLMF_TOOL_CHAT_H
#define LLMF_TOOL_CHAT_H
#include <signal.h>
#include "options.h"
#include "print.h"
#include "request.h"
#if defined(_WIN32)
#include <io.h>
#define isatty _isatty
#else
#include <unistd.h>
#endif

typedef struct chat {
    llmf_factory *f;
    llmf_model model;
    llmf_request req;              /* what every turn has in common */
    llmf_json_spec spec;           /* schema NULL: any text will do */
    llmf_message *messages;
    size_t count;
    bool reasoning;                /* a piece of reasoning was the last thing printed */
} chat;

static llmf_factory *interrupt_factory;
static volatile sig_atomic_t interrupted;

static void on_interrupt(int sig) {
    (void)sig;
    interrupted = 1;
    llmf_wakeup(interrupt_factory);
}

static llmf_message *add_message(chat *c, int role, const char *content, size_t len) {
    llmf_message *m;
    c->messages = (llmf_message *)get_memory(c->messages, (c->count + 1) * sizeof *c->messages);
    m = &c->messages[c->count++];
    memset(m, 0, sizeof *m);
    m->role = role;
    m->content = content;
    m->content_len = len;
    return m;
}

static llmf_str kept(llmf_str s) {
    llmf_str to;
    to.ptr = copy(s);
    to.len = s.len;
    return to;
}

/* The answer becomes part of the history, its opaque state with it. */
static void add_answer(chat *c, const llmf_response *r) {
    llmf_str answer = kept(r->text);
    llmf_message *m = add_message(c, LLMF_ASSISTANT, answer.ptr, answer.len);
    llmf_tool_call *calls = (llmf_tool_call *)get_array(r->tool_call_count, sizeof *calls);
    size_t i;
    m->state = kept(r->state);
    m->reasoning = kept(r->reasoning);
    for (i = 0; i < r->tool_call_count; i++) {
        calls[i].id = kept(r->tool_calls[i].id);
        calls[i].name = kept(r->tool_calls[i].name);
        calls[i].arguments = kept(r->tool_calls[i].arguments);
    }
    m->tool_calls = calls;
    m->tool_call_count = r->tool_call_count;
}

static void show_event(const llmf_event *ev) {
    if (ev->type == LLMF_EVENT_TEXT || ev->type == LLMF_EVENT_REFUSAL) put(stdout, ev->text);
    if (ev->type == LLMF_EVENT_TOOL_CALL) {
        fputs("\n[call ", stdout);
        put(stdout, ev->tool->name);
        fputs(" ", stdout);
        put_line(stdout, ev->tool->arguments);
        fputs("]", stdout);
    }
    fflush(stdout);
    if (ev->type == LLMF_EVENT_STEP) fprintf(stderr, "[step %d has ended]\n", ev->index + 1);
}

/* With a schema nothing counts until it has been checked: the value comes as a whole. */
static void show_structured(const llmf_event *ev) {
    if (ev->type == LLMF_EVENT_STEP) {
        fprintf(stderr, "[asked again, as:\n");
        put(stderr, ev->text);
        fputs("]\n", stderr);
    } else if (ev->type == LLMF_EVENT_DONE) {
        put(stdout, ev->response->json.len ? ev->response->json : ev->response->text);
        if (ev->response->json_repaired & (LLMF_JSON_MENDED | LLMF_JSON_CUT)) fprintf(stderr, "[the JSON was %s]\n", ev->response->json_repaired & LLMF_JSON_CUT ? "cut off, and closed" : "mended");
    } else if (ev->type != LLMF_EVENT_TEXT) {
        show_event(ev);
    }
}

/* model, tokens, cost, time to first token; on stderr, so that the answer alone is on stdout */
static void show_summary(const llmf_response *r) {
    fprintf(stderr, "[%.*s", (int)(r->model_used.len ? r->model_used.len : r->model.len), r->model_used.len ? r->model_used.ptr : r->model.ptr);
    if (r->usage.input >= 0) fprintf(stderr, ", %lld in", (long long)r->usage.input);
    if (r->usage.output >= 0) fprintf(stderr, ", %lld out", (long long)r->usage.output);
    if (r->cost_pico >= 0) {
        fputs(", $", stderr);
        put_usd(stderr, r->cost_pico);
    } else {
        fputs(", cost unknown", stderr);
    }
    if (r->first_token_ms >= 0) fprintf(stderr, ", first token %lld ms", (long long)r->first_token_ms);
    fputs("]\n", stderr);
}

/* One call to its end; json: its Response, else its text as it comes. Returns an exit status; the history grows by the answer. */
static int follow(chat *c, llmf_call call, bool json) {
    llmf_event ev;
    int status = EXIT_FAILED;
    bool ended = false;
    if (!call.id) {
        llmf_error err;
        llmf_last_error(c->f, &err);
        fprintf(stderr, "llmf: %s: %s\n", llmf_result_name(err.code), err.text);
    }
    interrupted = 0;
    while (!ended && call.id) {
        if (llmf_poll(c->f, -1) < 0) break;
        if (interrupted) llmf_cancel(c->f, call);
        while (llmf_next(c->f, call, &ev)) {
            if (c->spec.schema) show_structured(&ev);
            else if (!json) show_event(&ev);
            if (!ev.response) continue;
            ended = true;
            if (json) print_response(stdout, ev.response);
            fputs("\n", stdout);
            fflush(stdout);
            if (ev.type == LLMF_EVENT_DONE) status = EXIT_DONE;
            else if (json) continue;
            else fprintf(stderr, "llmf: %s: %s\n", llmf_result_name(ev.response->error.code), ev.response->error.text);
            if (status == EXIT_DONE && !json) show_summary(ev.response);
            add_answer(c, ev.response);
        }
    }
    llmf_free(c->f, call);
    return status;
}

/* One turn. */
static int answer(chat *c) {
    c->req.messages = c->messages;
    c->req.message_count = c->count;
    if (c->spec.schema) c->req.format = NULL; /* of a prompt */
    return follow(c, c->spec.schema ? llmf_start_json(c->f, c->model, &c->req, &c->spec) : llmf_start(c->f, c->model, &c->req), false);
}

static void converse(chat *c) {
    char line[65536];
    fputs("Ask something; /help tells more.\n", stderr);
    for (;;) {
        fputs("> ", stderr);
        if (!fgets(line, sizeof line, stdin)) {
            if (!interrupted) return;
            interrupted = 0;
            clearerr(stdin);
            continue;
        }
        line[strcspn(line, "\r\n")] = '\0';
        if (!line[0]) continue;
        if (strcmp(line, "/quit") == 0) return;
        if (strcmp(line, "/clear") == 0) {
            c->count = 0;
        } else if (line[0] == '/') {
            fputs("/clear  forget the conversation\n/quit   end (or Ctrl-D)\nCtrl-C  stop an answer\n", stderr);
        } else {
            llmf_str question = kept(view(line));
            size_t before = c->count;
            add_message(c, LLMF_USER, question.ptr, question.len);
            if (answer(c) != EXIT_DONE) c->count = before; /* neither the question nor the broken answer */
        }
    }
}

static void load_tools(llmf_request *req, const char *path) {
    text t = {NULL, 0, 0};
    request r;
    llmf_str json;
    memset(&r, 0, sizeof r);
    if (!read_file(path, &t)) die("cannot read the tools", path);
    json.ptr = t.ptr;
    json.len = t.len;
    while (json.len && strchr(" \t\r\n", json.ptr[0])) json.ptr++, json.len--;
    if (!llmf_json_valid(json, NULL)) die("the tools are not valid JSON", path);
    if (!take_tools(&r, json)) die(r.problem, path);
    req->tools = r.req.tools;
    req->tool_count = r.req.tool_count;
}

static void load_schema(chat *c, const char *arg) {
    text t = {NULL, 0, 0};
    c->req.format = NULL;
    if (arg[0] == '{') c->spec.schema = arg;
    else if (read_file(arg, &t)) c->spec.schema = t.ptr;
    else die("cannot read the schema", arg);
}

/* --json may have a schema behind it: inline, or a file that ends with .json. */
static bool is_schema(const char *arg) {
    size_t n = strlen(arg);
    return arg[0] == '{' || (n > 5 && strcmp(arg + n - 5, ".json") == 0);
}

static void read_prompt(chat *c, text *prompt, const llmf_part *image) {
    llmf_message *m;
    if (!prompt->len && !read_all(stdin, prompt)) die("cannot read stdin", NULL);
    m = add_message(c, LLMF_USER, prompt->ptr, prompt->len);
    m->parts = image->path ? image : NULL;
    m->part_count = image->path ? 1 : 0;
}

/* ---- variables of prompts ---- */

enum { MAX_VARS = 256 };

typedef struct variables {
    llmf_var at[MAX_VARS];
    size_t count;
} variables;

/* NAME=TEXT; NAME=@FILE is what the file holds, NAME=@- what stdin gives, NAME=@@TEXT a text that begins with @. */
static void take_var(variables *v, const char *arg) {
    const char *equal = strchr(arg, '=');
    llmf_var *to = &v->at[v->count];
    llmf_str name;
    if (!equal || equal == arg) die("--var takes NAME=TEXT, not", arg);
    if (v->count++ == MAX_VARS) die("too many --var", NULL);
    name.ptr = arg;
    name.len = (size_t)(equal - arg);
    to->name = copy(name);
    to->value = view(equal + 1);
    if (equal[1] == '@' && equal[2] == '@') {
        to->value = view(equal + 2);
    } else if (equal[1] == '@') {
        text t = {NULL, 0, 0};
        bool in = strcmp(equal + 1, "@-") == 0;
        if (in ? !read_all(stdin, &t) : !read_file(equal + 2, &t)) die("cannot read what --var names", equal + 1);
        to->value.ptr = t.ptr ? t.ptr : "";
        to->value.len = t.len;
    }
}

/* The prompt becomes what is said, and its model the one that is asked where -m names none. */
static bool fill_prompt(chat *c, const char *name, const variables *v, const char **model, llmf_rendered *p, llmf_error *err) {
    size_t i;
    if (llmf_render(c->f, name, &c->req, v->at, v->count, p, err) != LLMF_OK) return false;
    c->req = p->request;
    for (i = 0; i < p->request.message_count; i++) {
        const llmf_message *m = &p->request.messages[i];
        add_message(c, m->role, m->content, m->content_len);
    }
    if (!*model && p->model.len) *model = p->model.ptr;
    return true;
}

static int run_chain(options *o, int argc, char **argv) {
    static variables v;
    llmf_chain chain;
    llmf_error err;
    chat c;
    int i, status;
    bool json = false;
    memset(&c, 0, sizeof c);
    memset(&chain, 0, sizeof chain);
    c.req.stream = true;
    for (i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--var") == 0) take_var(&v, option_value(argc, argv, &i));
        else if (strcmp(argv[i], "--json") == 0) json = true;
        else if (strcmp(argv[i], "--no-stream") == 0) c.req.stream = false;
        else if (argv[i][0] == '-' || chain.name) die("unknown option of chain", argv[i]);
        else chain.name = argv[i];
    }
    if (!chain.name) die("chain needs the name of a chain", NULL);
    chain.vars = v.at;
    chain.var_count = v.count;
    chain.request = &c.req;
    c.f = llmf_open(&o->desc, &err);
    if (!c.f) {
        if (json) print_failure(stdout, &err);
        else fprintf(stderr, "llmf: %s: %s\n", llmf_result_name(err.code), err.text);
        return EXIT_FAILED;
    }
    interrupt_factory = c.f;
    signal(SIGINT, on_interrupt);
    status = follow(&c, llmf_start_chain(c.f, &chain), json);
    signal(SIGINT, SIG_DFL);
    llmf_close(c.f);
    return status;
}

static int run_chat(options *o, int argc, char **argv) {
    static llmf_part image;
    static variables v;
    llmf_rendered filled;
    const char *named = NULL;
    bool ok;
    chat c;
    text prompt = {NULL, 0, 0};
    const char *model = NULL;
    llmf_error err;
    int i, status = EXIT_DONE;
    memset(&c, 0, sizeof c);
    c.req.stream = true;
    for (i = 0; i < argc; i++) {
        if (strcmp(argv[i], "-m") == 0) model = option_value(argc, argv, &i);
        else if (strcmp(argv[i], "-s") == 0) c.req.system = option_value(argc, argv, &i);
        else if (strcmp(argv[i], "--image") == 0) image.path = option_value(argc, argv, &i);
        else if (strcmp(argv[i], "--tools") == 0) load_tools(&c.req, option_value(argc, argv, &i));
        else if (strcmp(argv[i], "--no-stream") == 0) c.req.stream = false;
        else if (strcmp(argv[i], "--prompt") == 0) named = option_value(argc, argv, &i);
        else if (strcmp(argv[i], "--var") == 0) take_var(&v, option_value(argc, argv, &i));
        else if (strcmp(argv[i], "--json") == 0) {
            c.req.format = "json";
            if (i + 1 < argc && is_schema(argv[i + 1])) load_schema(&c, argv[++i]);
        } else if (argv[i][0] == '-' && argv[i][1]) die("unknown option of chat", argv[i]);
        else {
            if (prompt.len) text_add(&prompt, " ", 1);
            text_add(&prompt, argv[i], strlen(argv[i]));
        }
    }
    if (named && (prompt.len || image.path)) die("--prompt is the whole of what is said; give it, or", prompt.len ? prompt.ptr : "--image");
    if (v.count && !named) die("--var goes with", "--prompt");
    image.type = LLMF_PART_IMAGE;
    memset(&filled, 0, sizeof filled);
    c.f = llmf_open(&o->desc, &err);
    ok = c.f && (!named || fill_prompt(&c, named, &v, &model, &filled, &err));
    if (ok) c.model = llmf_get(c.f, model, &err);
    if (!ok || !c.model.id) {
        fprintf(stderr, "llmf: %s: %s\n", llmf_result_name(err.code), err.text);
        llmf_close(c.f);
        return EXIT_FAILED;
    }
    interrupt_factory = c.f;
    signal(SIGINT, on_interrupt);
    if (named) {
        status = answer(&c);
    } else if (!prompt.len && isatty(0)) {
        converse(&c);
    } else {
        read_prompt(&c, &prompt, &image);
        status = answer(&c);
    }
    signal(SIGINT, SIG_DFL);
    llmf_render_free(c.f, &filled);
    llmf_close(c.f);
    return status;
}

#endif
