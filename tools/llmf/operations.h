/* llmf embed, transcribe, tokens: one call of an operation besides chat, and what it gives. */
#ifndef LLMF_TOOL_OPERATIONS_H
#define LLMF_TOOL_OPERATIONS_H
#include "options.h"
#include "print.h"
#include "request.h"

typedef struct job {
    llmf_factory *f;
    llmf_model model;
    const char *name;              /* -m; NULL: the default */
    llmf_input input;
    llmf_request req;
    llmf_response response;
    bool json;                     /* failures go to stdout as JSON */
} job;

static void operation_init(job *o, options *from, int op) {
    memset(o, 0, sizeof *o);
    o->req.op = op;
    o->req.input = &o->input;
    from->desc.memory_size = (size_t)256 << 20; /* what is not touched costs nothing */
}

static bool operation_failed(job *o, const llmf_error *e) {
    if (o->json) print_failure(stdout, e);
    else fprintf(stderr, "llmf: %s: %s\n", llmf_result_name(e->code), e->text);
    return false;
}

/* Opens, asks, waits. False with the failure printed. */
static bool operation_run(job *o, const options *from) {
    llmf_error err;
    o->f = llmf_open(&from->desc, &err);
    if (o->f) o->model = llmf_get(o->f, o->name, &err);
    if (!o->f || !o->model.id) return operation_failed(o, &err);
    return llmf_generate(o->f, o->model, &o->req, &o->response) == LLMF_OK || operation_failed(o, &o->response.error);
}

static int operation_end(job *o, bool ok) {
    if (o->f) llmf_release(o->f, &o->response);
    llmf_close(o->f);
    return ok ? EXIT_DONE : EXIT_FAILED;
}

/* ---- embed ---- */

static void add_text(job *o, llmf_str s) {
    llmf_str *texts = (llmf_str *)get_memory((void *)(uintptr_t)o->input.texts, (o->input.text_count + 1) * sizeof *texts);
    texts[o->input.text_count++] = s;
    o->input.texts = texts;
}

/* One text a line. */
static void add_lines(job *o, const text *in) {
    const char *at = in->ptr, *end = in->ptr + in->len;
    while (at < end) {
        const char *lf = (const char *)memchr(at, '\n', (size_t)(end - at));
        llmf_str line;
        line.ptr = at;
        line.len = (size_t)((lf ? lf : end) - at);
        at = lf ? lf + 1 : end;
        if (line.len && line.ptr[line.len - 1] == '\r') line.len--;
        if (line.len) add_text(o, line);
    }
}

static int run_embed(options *from, int argc, char **argv) {
    static job o;
    static text in;
    int i;
    bool ok;
    operation_init(&o, from, LLMF_OP_EMBED);
    o.json = true;
    for (i = 0; i < argc; i++) {
        char *end;
        if (strcmp(argv[i], "-m") == 0) o.name = option_value(argc, argv, &i);
        else if (strcmp(argv[i], "--purpose") == 0) o.input.purpose = option_value(argc, argv, &i);
        else if (strcmp(argv[i], "--dimensions") == 0) {
            const char *n = option_value(argc, argv, &i);
            o.input.dimensions = strtol(n, &end, 10);
            if (*end || o.input.dimensions <= 0) die("--dimensions takes a number, not", n);
        } else if (argv[i][0] == '-' && argv[i][1] == '-' && argv[i][2]) die("unknown option of embed", argv[i]);
        else if (strcmp(argv[i], "--") != 0) add_text(&o, view(argv[i]));
    }
    if (!o.input.text_count && read_all(stdin, &in)) add_lines(&o, &in);
    ok = operation_run(&o, from);
    if (ok) {
        fputs("{\"model\":", stdout);
        put_json(stdout, o.response.model_used.len ? o.response.model_used : o.response.model);
        print_vectors(stdout, o.response.output);
        print_usage_members(stdout, &o.response);
        fputs("}\n", stdout);
    }
    return operation_end(&o, ok);
}

/* ---- transcribe ---- */

static int run_transcribe(options *from, int argc, char **argv) {
    static job o;
    static llmf_part audio;
    int i;
    bool ok;
    operation_init(&o, from, LLMF_OP_TRANSCRIBE);
    for (i = 0; i < argc; i++) {
        if (strcmp(argv[i], "-m") == 0) o.name = option_value(argc, argv, &i);
        else if (strcmp(argv[i], "--language") == 0) o.input.language = option_value(argc, argv, &i);
        else if (strcmp(argv[i], "--json") == 0) o.json = true;
        else if (strcmp(argv[i], "--segments") == 0) o.input.segments = true;
        else if (argv[i][0] == '-' && argv[i][1]) die("unknown option of transcribe", argv[i]);
        else if (audio.path) die("transcribe takes one file; this is another", argv[i]);
        else audio.path = argv[i];
    }
    if (!audio.path) die("transcribe needs an audio file", NULL);
    audio.type = LLMF_PART_AUDIO;
    o.input.audio = &audio;
    ok = operation_run(&o, from);
    if (ok && o.json) {
        fputs("{\"text\":", stdout);
        put_json(stdout, o.response.text);
        print_transcript_members(stdout, o.response.output);
        print_usage_members(stdout, &o.response);
        fputs("}\n", stdout);
    } else if (ok) {
        put(stdout, o.response.text);
        if (!o.response.text.len || o.response.text.ptr[o.response.text.len - 1] != '\n') fputs("\n", stdout);
    }
    return operation_end(&o, ok);
}

/* ---- tokens ---- */

/* Counts here: a text by itself, as an embedding's is, or, with --request, all that a Request on stdin puts to the model. */
static int count_here(job *o, const options *from, text *in, bool whole) {
    static request r;
    llmf_str one;
    llmf_error err;
    int64_t n = -1;
    int method = 0;
    size_t i;
    if (whole) {
        llmf_str json;
        json.ptr = in->ptr;
        json.len = in->len;
        if (!parse_request(json, &r)) die(r.problem, NULL);
        if (!o->name) o->name = r.model;
    }
    one.ptr = in->ptr ? in->ptr : "";
    one.len = in->len;
    o->req.op = LLMF_OP_EMBED;
    o->input.texts = &one;
    o->input.text_count = 1;
    o->f = llmf_open(&from->desc, &err);
    if (o->f) o->model = llmf_get(o->f, o->name, &err);
    if (!o->f || !o->model.id) return operation_end(o, operation_failed(o, &err));
    n = llmf_count_tokens(o->f, o->model, whole ? &r.req : &o->req, &method);
    if (n < 0) llmf_last_error(o->f, &err);
    if (n < 0) return operation_end(o, operation_failed(o, &err));
    for (i = 0; method != LLMF_TOKENS_EXACT && i < from->desc.rank_count; i++) { /* the library counts on without a file that is wrong */
        llmf_tokens *t = llmf_tokens_open(NULL, &from->desc.ranks[i], &err);
        if (!t) return operation_end(o, operation_failed(o, &err));
        llmf_tokens_close(t);
    }
    printf("{\"tokens\":%lld,\"method\":\"%s\"}\n", (long long)n, method == LLMF_TOKENS_EXACT ? "exact" : "estimate");
    return operation_end(o, true);
}

static int run_tokens(options *from, int argc, char **argv) {
    static job o;
    static text in;
    static llmf_tokens_desc ranks[LLMF_MAX_RANK_FILES];
    bool provider = false, whole = false, ok;
    int i;
    operation_init(&o, from, LLMF_OP_COUNT_TOKENS);
    o.json = true;
    for (i = 0; i < argc; i++) {
        if (strcmp(argv[i], "-m") == 0) o.name = option_value(argc, argv, &i);
        else if (strcmp(argv[i], "--provider") == 0) provider = true;
        else if (strcmp(argv[i], "--request") == 0) whole = true;
        else if (strcmp(argv[i], "--ranks") == 0 && from->desc.rank_count < LLMF_MAX_RANK_FILES) ranks[from->desc.rank_count++].path = option_value(argc, argv, &i);
        else die("unknown option of tokens, or one too many", argv[i]);
    }
    from->desc.ranks = ranks;
    if (!read_all(stdin, &in)) die("cannot read stdin", NULL);
    if (!provider) return count_here(&o, from, &in, whole);
    o.req.prompt = in.ptr;
    o.req.prompt_len = in.len;
    ok = operation_run(&o, from);
    if (ok) printf("{\"tokens\":%lld,\"method\":\"provider\"}\n", (long long)o.response.output->tokens);
    return operation_end(&o, ok);
}

/* ---- the body of a form, as request shows it ---- */

/* The value of name="…" in the head of a part; empty: it has none. */
static llmf_str form_word(llmf_str head, const char *name) {
    llmf_str word = {"", 0};
    size_t i, n = strlen(name);
    for (i = 0; i + n + 2 < head.len; i++) {
        const char *end;
        if (memcmp(head.ptr + i, name, n) != 0 || head.ptr[i + n] != '=' || head.ptr[i + n + 1] != '"' || (i && head.ptr[i - 1] != ' ')) continue;
        word.ptr = head.ptr + i + n + 2;
        end = (const char *)memchr(word.ptr, '"', head.len - (i + n + 2));
        word.len = end ? (size_t)(end - word.ptr) : 0;
        return word;
    }
    return word;
}

static const char *find_bytes(const char *at, const char *end, const char *what, size_t len) {
    for (; (size_t)(end - at) >= len; at++) {
        at = (const char *)memchr(at, what[0], (size_t)(end - at) - len + 1);
        if (!at) return NULL;
        if (memcmp(at, what, len) == 0) return at;
    }
    return NULL;
}

static void print_form_part(llmf_str head, llmf_str value, bool first) {
    llmf_str file = form_word(head, "filename");
    const char *type = find_bytes(head.ptr, head.ptr + head.len, "Content-Type: ", 14);
    fputs(first ? "{\"name\":" : ",{\"name\":", stdout);
    put_json(stdout, form_word(head, "name"));
    if (!file.len) {
        put_member(stdout, "value", value);
    } else {
        llmf_str media = {"", 0};
        if (type) media.ptr = type + 14, media.len = (size_t)(head.ptr + head.len - media.ptr);
        put_member(stdout, "filename", file);
        put_member(stdout, "media_type", media);
        put_number(stdout, "bytes", (int64_t)value.len);
    }
    fputs("}", stdout);
}

/* {"multipart":[…]}: the parts between the boundaries. */
static void print_form(llmf_str body, llmf_str boundary) {
    const char *end = body.ptr + body.len, *at = body.ptr;
    bool first = true;
    fputs("{\"multipart\":[", stdout);
    for (;;) {
        llmf_str head, value;
        const char *next = find_bytes(at, end, "\r\n\r\n", 4);
        at += boundary.len + 4; /* --boundary CR LF */
        if (!next || at >= next) break;
        head.ptr = at;
        head.len = (size_t)(next - at);
        value.ptr = next + 4;
        for (next = value.ptr; (next = find_bytes(next, end, boundary.ptr, boundary.len)) != NULL; next++)
            if (next - value.ptr >= 4 && memcmp(next - 4, "\r\n--", 4) == 0) break;
        if (!next) break;
        value.len = (size_t)(next - 4 - value.ptr);
        print_form_part(head, value, first);
        first = false;
        at = next - 2;
    }
    fputs("]}", stdout);
}

/* The boundary of a form, from its Content-Type; empty: the body is none. */
static llmf_str form_boundary(const llmf_preview *p) {
    static const char type[] = "multipart/form-data; boundary=";
    llmf_str boundary = {"", 0};
    size_t i;
    for (i = 0; i < p->header_count; i++) {
        llmf_str v = p->headers[i].value;
        if (!is(p->headers[i].name, "Content-Type") || v.len < sizeof type || memcmp(v.ptr, type, sizeof type - 1) != 0) continue;
        boundary.ptr = v.ptr + sizeof type - 1;
        boundary.len = v.len - (sizeof type - 1);
    }
    return boundary;
}

#endif
