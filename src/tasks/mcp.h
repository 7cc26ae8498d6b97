/* A client of MCP servers (Model Context Protocol): their tools as functions of a run. JSON-RPC, a message a line to a program, or a POST each over HTTP. What is asked
   is a list; llmf_poll looks whether answers have come. */
#ifndef LLMFI_TASKS_MCP_H
#define LLMFI_TASKS_MCP_H
#include "../base/json_write.h"
#include "../engine/fetch.h"
#include "../engine/models.h"
#include "../mcp_api.h"
#include "../net/program.h"
#include "../wire/sse.h"
#include "json_view.h"

#if LLMF_HAS_MCP

/* Milliseconds: of an answer where nobody says; until a connection stands; that a program has to end. Pages of a list of tools; bytes of a header. */
enum { LLMFI_MCP_ANSWER_MS = 30000, LLMFI_MCP_CONNECT_MS = 10000, LLMFI_MCP_END_MS = 200, LLMFI_MCP_PAGES = 64, LLMFI_MCP_HEADER = 2048 };
enum { LLMFI_MCP_STARTS, LLMFI_MCP_READY, LLMFI_MCP_FAILED, LLMFI_MCP_INITIALIZE, LLMFI_MCP_LIST, LLMFI_MCP_CALL, LLMFI_MCP_NOTICE };

/* One message of ours, until its answer has come. */
typedef struct llmfi_mcp_ask {
    struct llmfi_mcp_ask *next;
    int64_t id;
    int what;                                /* LLMFI_MCP_… */
    const llmf_tool_use *use;                /* of a CALL: lives as long as that waits */
    size_t seen;                             /* bytes of the reply that have been looked at */
    llmfi_buf body;
    llmfi_fetch fetch;                       /* of HTTP */
    llmfi_sse sse;
} llmfi_mcp_ask;

struct llmf_mcp {
    llmfi_pump pump;                         /* first: it is what the factory has of it */
    llmf_factory *f;
    llmfi_arena arena;
    int state, pages;
    llmf_error error;                        /* of one that has failed */
    int64_t timeout_ms, last_id;
    llmfi_mcp_ask *asks;
    llmfi_buf functions;                     /* of llmf_function; their texts in the arena */
    llmf_str url;                            /* empty: a program */
    char version[32], session[LLMFI_FETCH_HEADER], authorization[LLMFI_MCP_HEADER];
#if LLMFI_HAS_PROGRAMS
    intptr_t fd;                             /* to the program; LLMFI_NO_FD: closed */
    pid_t pid;
    llmfi_buf in, out;
#endif
};

static LLMFI_COLD void llmfi_mcp_fail(llmf_mcp *m, int code, const char *before, llmf_str about) {
    if (m->state == LLMFI_MCP_FAILED) return;
    m->state = LLMFI_MCP_FAILED;
    (llmfi_error_about)(&m->error, code, before, llmfi_utf8_cut(about, 300), "");
}

static void llmfi_mcp_forget(llmf_mcp *m, llmfi_mcp_ask *a) {
    llmfi_mcp_ask **at = &m->asks;
    while (*at && *at != a) at = &(*at)->next;
    if (*at) *at = a->next;
    llmfi_fetch_close(&a->fetch);
    llmfi_sse_free(&a->sse);
    llmfi_buf_free(&a->body);
    llmfi_heap_free(&m->f->heap, a);
}

/* Why a tool has no result, to the run that waits for it. */
static void llmfi_mcp_tell(llmf_mcp *m, const llmfi_mcp_ask *a, const char *text) {
    if (a->use) (void)llmf_tool_done(m->f, a->use->call, a->use->id, llmfi_cstr(text), 1);
}

/* The server has gone: nobody waits for it any more. */
static void llmfi_mcp_gone(llmf_mcp *m, int code, const char *why) {
    while (m->asks) {
        llmfi_mcp_tell(m, m->asks, "the MCP server has gone");
        llmfi_mcp_forget(m, m->asks);
    }
    llmfi_mcp_fail(m, code, why, llmfi_str("", 0));
}

/* ---- asking ---- */

#define LLMFI_MCP_VERSION "2025-06-18"
#define LLMFI_MCP_HELLO "{\"protocolVersion\":\"" LLMFI_MCP_VERSION "\",\"capabilities\":{},\"clientInfo\":{\"name\":\"llmfactory\",\"version\":\"" LLMF_VERSION "\"}}"

#if LLMFI_HAS_PROGRAMS
/* Behind what is still to be written; as much of it as the program takes goes at once. */
static bool llmfi_mcp_write(llmf_mcp *m, llmf_str message) {
    bool ok = !message.len || (llmfi_buf_reserve(&m->out, message.len + 1) && llmfi_buf_add(&m->out, message.ptr, message.len) && llmfi_buf_add(&m->out, "\n", 1));
    while (m->out.len && m->fd != LLMFI_NO_FD) {
        ssize_t n = send((int)m->fd, m->out.ptr, m->out.len, LLMFI_SYS_SEND_FLAGS);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break; /* later, or never: reading will tell */
        llmfi_buf_drop(&m->out, (size_t)n);
    }
    return ok;
}
#endif

static void llmfi_mcp_header(llmfi_mcp_ask *a, size_t *n, const char *name, llmf_str value) {
    if (!value.len) return;
    a->fetch.headers[*n].name = llmfi_cstr(name);
    a->fetch.headers[(*n)++].value = value;
}

static void llmfi_mcp_post(llmf_mcp *m, llmfi_mcp_ask *a) {
    size_t n = 0;
    llmfi_mcp_header(a, &n, "Content-Type", LLMFI_LIT("application/json"));
    llmfi_mcp_header(a, &n, "Accept", LLMFI_LIT("application/json, text/event-stream"));
    llmfi_mcp_header(a, &n, "MCP-Protocol-Version", llmfi_cstr(m->version));
    llmfi_mcp_header(a, &n, "Mcp-Session-Id", llmfi_cstr(m->session));
    llmfi_mcp_header(a, &n, "Authorization", llmfi_cstr(m->authorization));
    a->fetch.out = llmfi_buf_str(&a->body);
    llmfi_fetch_start(&a->fetch, LLMFI_LIT("POST"), m->url, n, LLMFI_MCP_CONNECT_MS, m->timeout_ms);
}

/* Sends one message. Its parameters are those of `use`, or the member `key` whose JSON is `raw`, or `raw`. False: there is no memory. */
static bool llmfi_mcp_send(llmf_mcp *m, int what, const char *method, const llmf_tool_use *use, const char *key, llmf_str raw) {
    llmfi_mcp_ask *a = (llmfi_mcp_ask *)llmfi_heap_alloc(&m->f->heap, sizeof *a);
    llmfi_out out;
    llmfi_jw w;
    size_t i;
    bool ok;
    if (!a) return false;
    memset(a, 0, sizeof *a);
    llmfi_fetch_init(&a->fetch, m->f, LLMF_MAX_MCP_MESSAGE);
    llmfi_sse_init(&a->sse, &m->f->heap, LLMF_MAX_MCP_MESSAGE, LLMF_MAX_MCP_MESSAGE);
    llmfi_buf_init(&a->body, &m->f->heap, 0);
    a->what = what;
    a->use = use;
    a->next = m->asks;
    m->asks = a;
    llmfi_out_buf(&out, &a->body);
    llmfi_jw_init(&w, &out);
    llmfi_jw_object(&w);
    llmfi_jw_member_cstr(&w, "jsonrpc", "2.0");
    if (what != LLMFI_MCP_NOTICE) llmfi_jw_member_int(&w, "id", a->id = ++m->last_id);
    llmfi_jw_member_cstr(&w, "method", method);
    llmfi_jw_key(&w, "params");
    if (use || key) llmfi_jw_object(&w);
    if (use) llmfi_jw_member_str(&w, "name", use->name);
    if (use || key) llmfi_jw_key_str(&w, llmfi_cstr(use ? "arguments" : key));
    llmfi_jw_raw(&w, use ? llmfi_trim(use->arguments) : raw);
    if (use || key) llmfi_jw_object_end(&w);
    llmfi_jw_object_end(&w);
    for (i = 0; i < a->body.len; i++) /* arguments as a model wrote them: a message is one line */
        if (a->body.ptr[i] == '\n' || a->body.ptr[i] == '\r') a->body.ptr[i] = ' ';
    ok = !out.failed;
    if (ok && m->url.len) llmfi_mcp_post(m, a);
#if LLMFI_HAS_PROGRAMS
    if (!m->url.len) ok = ok && llmfi_mcp_write(m, llmfi_buf_str(&a->body));
#endif
    if (!ok || (!m->url.len && what == LLMFI_MCP_NOTICE)) llmfi_mcp_forget(m, a);
    return ok;
}

static void llmfi_mcp_must(llmf_mcp *m, bool ok) {
    if (!ok) llmfi_mcp_fail(m, LLMF_ERR_MEMORY, "the memory block is used up: raise llmf_desc.memory_size", llmfi_str("", 0));
}

/* ---- tools ---- */

static llmf_str llmfi_mcp_member(llmf_str object, const char *name) {
    llmf_str v;
    return llmf_json_get(object, name, &v) ? v : llmfi_str("", 0);
}

/* A member that is a string, decoded into the arena; empty where it is none. Look at the arena's `failed`. */
static llmf_str llmfi_mcp_text(llmfi_arena *a, llmf_str object, const char *name) {
    llmf_str v = llmfi_mcp_member(object, name);
    size_t len = llmf_json_string(v, NULL, 0);
    char *to;
    if (len == LLMF_NOT_A_STRING || len > (size_t)-1 / 8) return llmfi_str("", 0);
    to = (char *)llmfi_arena_alloc(a, len + 1);
    if (!to) return llmfi_str("", 0);
    (void)llmf_json_string(v, to, len + 1);
    return llmfi_str(to, len);
}

static int llmfi_mcp_call(void *user, const llmf_tool_use *use, llmf_out *out) {
    llmf_mcp *m = (llmf_mcp *)user;
    if (m->state == LLMFI_MCP_READY && llmfi_mcp_send(m, LLMFI_MCP_CALL, "tools/call", use, NULL, llmfi_str("", 0))) {
        m->pump.busy = true;
        return LLMF_TOOL_PENDING;
    }
    llmf_out_write(out, "the MCP server has gone", 23);
    return LLMF_TOOL_ERROR;
}

static void llmfi_mcp_cancel(void *user, const llmf_tool_use *use) {
    llmf_mcp *m = (llmf_mcp *)user;
    llmfi_mcp_ask *a = m->asks;
    char id[LLMFI_INT_TEXT];
    size_t len;
    while (a && a->use != use) a = a->next;
    if (!a) return;
    len = llmfi_print_int(id, a->id);
    llmfi_mcp_forget(m, a);
    (void)llmfi_mcp_send(m, LLMFI_MCP_NOTICE, "notifications/cancelled", NULL, "requestId", llmfi_str(id, len));
}

static void llmfi_mcp_listed(llmf_mcp *m, llmf_str result) {
    llmf_str tools = llmfi_mcp_member(result, "tools"), tool, cursor, schema;
    size_t at = 0;
    while (m->functions.len / sizeof(llmf_function) < LLMF_MAX_MCP_TOOLS && llmf_json_each(tools, &at, NULL, &tool)) {
        llmf_function fn;
        memset(&fn, 0, sizeof fn);
        fn.tool.name = llmfi_mcp_text(&m->arena, tool, "name").ptr;
        fn.tool.description = llmfi_mcp_text(&m->arena, tool, "description").ptr;
        schema = llmfi_mcp_member(tool, "inputSchema");
        if (schema.len && schema.ptr[0] == '{') fn.tool.parameters = llmfi_arena_copy(&m->arena, schema).ptr;
        fn.run = llmfi_mcp_call;
        fn.cancel = llmfi_mcp_cancel;
        fn.user = m;
        fn.timeout_ms = m->timeout_ms;
        if (fn.tool.name[0]) llmfi_mcp_must(m, llmfi_buf_add(&m->functions, (const char *)&fn, sizeof fn));
    }
    cursor = llmfi_mcp_member(result, "nextCursor");
    if (m->arena.failed) llmfi_mcp_must(m, false);
    else if (cursor.len > 2 && cursor.ptr[0] == '"' && ++m->pages < LLMFI_MCP_PAGES) llmfi_mcp_must(m, llmfi_mcp_send(m, LLMFI_MCP_LIST, "tools/list", NULL, "cursor", cursor));
    else if (m->state == LLMFI_MCP_STARTS) m->state = LLMFI_MCP_READY;
}

/* ---- answers ---- */

static void llmfi_mcp_started(llmf_mcp *m, const llmfi_mcp_ask *a, llmf_str result) {
    llmf_str version = llmfi_mcp_text(&m->arena, result, "protocolVersion");
    if (!version.len || version.len >= sizeof m->version || llmfi_header_bad_value(version) != LLMFI_NOWHERE) {
        llmfi_mcp_fail(m, LLMF_ERR_PROTOCOL, "the MCP server names no version of the protocol", llmfi_str("", 0));
        return;
    }
    memcpy(m->version, version.ptr, version.len + 1);
    memcpy(m->session, a->fetch.session, sizeof m->session);
    llmfi_mcp_must(m, llmfi_mcp_send(m, LLMFI_MCP_NOTICE, "notifications/initialized", NULL, NULL, LLMFI_LIT("{}")) && llmfi_mcp_send(m, LLMFI_MCP_LIST, "tools/list", NULL, NULL, LLMFI_LIT("{}")));
}

/* What a tool has said, as one text: a line for each of its parts. */
static void llmfi_mcp_called(llmf_mcp *m, const llmfi_mcp_ask *a, llmf_str result, llmfi_arena *scratch) {
    llmf_str content = llmfi_mcp_member(result, "content"), part;
    llmfi_buf text;
    size_t at = 0;
    bool ok = true;
    llmfi_buf_init(&text, &m->f->heap, 0);
    while (ok && llmf_json_each(content, &at, NULL, &part)) {
        llmf_str type = llmfi_mcp_text(scratch, part, "type"), said = llmfi_mcp_text(scratch, part, "text");
        bool plain = LLMFI_IS(type, "text");
        if (text.len) ok = llmfi_buf_add(&text, "\n", 1);
        if (plain) ok = ok && llmfi_buf_add(&text, said.ptr, said.len);
        else ok = ok && llmfi_buf_add(&text, "[", 1) && llmfi_buf_add(&text, type.ptr, type.len) && llmfi_buf_add(&text, "]", 1);
    }
    if (ok && !scratch->failed) (void)llmf_tool_done(m->f, a->use->call, a->use->id, llmfi_buf_str(&text), LLMFI_IS(llmfi_mcp_member(result, "isError"), "true"));
    else llmfi_mcp_tell(m, a, "there is no memory for what it said");
    llmfi_buf_free(&text);
}

/* The answer to `a`, which is forgotten with it. */
static void llmfi_mcp_answer(llmf_mcp *m, llmfi_mcp_ask *a, llmf_str message) {
    llmf_str result = llmfi_mcp_member(message, "result"), why;
    llmfi_arena scratch;
    llmfi_arena_init(&scratch, &m->f->heap, 0);
    why = llmfi_mcp_text(&scratch, llmfi_mcp_member(message, "error"), "message");
    if (!why.len) why = LLMFI_LIT("it answers without a result");
    if (!result.len && a->what == LLMFI_MCP_CALL) llmfi_mcp_tell(m, a, why.ptr);
    else if (!result.len) llmfi_mcp_fail(m, LLMF_ERR_PROTOCOL, "the MCP server says: ", why);
    else if (a->what == LLMFI_MCP_INITIALIZE) llmfi_mcp_started(m, a, result);
    else if (a->what == LLMFI_MCP_LIST) llmfi_mcp_listed(m, result);
    else llmfi_mcp_called(m, a, result, &scratch);
    llmfi_arena_free(&scratch);
    llmfi_mcp_forget(m, a);
}

static bool llmfi_mcp_is_answer(const llmfi_mcp_ask *a, llmf_str message) {
    int64_t id;
    return a->what != LLMFI_MCP_NOTICE && !llmfi_mcp_member(message, "method").len && llmfi_parse_int(llmfi_mcp_member(message, "id"), &id) && id == a->id;
}

/* ---- over HTTP ---- */

/* Whether the answer is in what has come since of the stream of events; it is *message. */
static bool llmfi_mcp_in_stream(llmfi_mcp_ask *a, llmf_str in, llmf_str *message) {
    int rc = LLMFI_WIRE_ITEM;
    bool end = !a->fetch.over;
    while (rc != LLMFI_WIRE_ERROR && (in.len || !end)) {
        if (!in.len) end = true;
        rc = in.len ? llmfi_sse_next(&a->sse, &in) : llmfi_sse_end(&a->sse);
        *message = a->sse.payload;
        if (rc == LLMFI_WIRE_ITEM && llmfi_mcp_is_answer(a, *message)) return true;
    }
    return false;
}

static LLMFI_COLD void llmfi_mcp_refused(llmf_mcp *m, llmfi_mcp_ask *a) {
    char text[200];
    llmfi_text t = llmfi_text_in(text, sizeof text);
    int code = a->fetch.result != LLMF_OK ? a->fetch.result : (int)(a->fetch.status == 401 || a->fetch.status == 403 ? LLMF_ERR_AUTH : LLMF_ERR_PROTOCOL);
    llmfi_say_c(&t, "the MCP server does not answer: ");
    llmfi_say_c(&t, a->fetch.result != LLMF_OK ? a->fetch.why : "HTTP ");
    if (a->fetch.result == LLMF_OK) llmfi_say_int(&t, a->fetch.status);
    if (a->what == LLMFI_MCP_CALL) llmfi_mcp_tell(m, a, text);
    else if (a->what != LLMFI_MCP_NOTICE) llmfi_mcp_fail(m, code, text, llmfi_str("", 0));
    llmfi_mcp_forget(m, a);
}

static void llmfi_mcp_look(llmf_mcp *m, llmfi_mcp_ask *a) {
    llmf_str body = llmfi_trim(llmfi_buf_str(&a->fetch.body)), fresh = llmfi_from(llmfi_buf_str(&a->fetch.body), a->seen), message = body;
    bool came = false;
    if (!a->fetch.over && (!fresh.len || a->what == LLMFI_MCP_NOTICE)) return;
    a->seen += fresh.len;
    if (body.len && body.ptr[0] == '{') came = a->fetch.over && llmfi_json_valid(body) && llmfi_mcp_is_answer(a, body);
    else if (a->fetch.status == 200) came = llmfi_mcp_in_stream(a, fresh, &message);
    if (came) llmfi_mcp_answer(m, a, message);
    else if (a->fetch.over) llmfi_mcp_refused(m, a);
}

/* ---- over a program ---- */

#if LLMFI_HAS_PROGRAMS

/* One line. What the server itself asks for is not here; a ping is answered. */
static void llmfi_mcp_line(llmf_mcp *m, llmf_str line) {
    llmf_str id = llmfi_mcp_member(line, "id"), method = llmfi_mcp_member(line, "method");
    llmfi_mcp_ask *a = m->asks;
    char reply[256];
    llmfi_text t = llmfi_text_in(reply, sizeof reply);
    if (!llmfi_json_valid(line)) return; /* what it prints besides */
    if (method.len && id.len) {
        llmfi_say_c(&t, "{\"jsonrpc\":\"2.0\",\"id\":");
        llmfi_say(&t, id);
        llmfi_say_c(&t, LLMFI_IS(method, "\"ping\"") ? ",\"result\":{}}" : ",\"error\":{\"code\":-32601,\"message\":\"method not found\"}}");
        if (id.len < 100) (void)llmfi_mcp_write(m, llmfi_str(reply, t.len));
        return;
    }
    while (a && !llmfi_mcp_is_answer(a, line)) a = a->next;
    if (a) llmfi_mcp_answer(m, a, line);
}

static void llmfi_mcp_read(llmf_mcp *m) {
    int turns;
    (void)llmfi_mcp_write(m, llmfi_str("", 0));
    for (turns = 0; turns < 64 && m->fd != LLMFI_NO_FD; turns++) {
        size_t from = m->in.len, begin = 0, lf;
        ssize_t n;
        if (from >= LLMF_MAX_MCP_MESSAGE || !llmfi_buf_reserve(&m->in, 4096)) {
            llmfi_mcp_gone(m, LLMF_ERR_LIMIT, "the MCP server sends a message that is longer than LLMF_MAX_MCP_MESSAGE, or than there is memory for");
            return;
        }
        n = recv((int)m->fd, m->in.ptr + from, 4096, 0);
        if (n < 0 && llmfi_sys_again(errno)) return;
        if (n <= 0) {
            LLMFI_SYS_CLOSE(m->fd);
            m->fd = LLMFI_NO_FD;
            llmfi_mcp_gone(m, LLMF_ERR_NETWORK, "the MCP server has ended");
            return;
        }
        m->in.len += (size_t)n;
        for (; (lf = llmfi_find_char(llmfi_from(llmfi_buf_str(&m->in), from), '\n')) != LLMFI_NOWHERE; begin = from) { /* what came before has none */
            from += lf + 1;
            llmfi_mcp_line(m, llmfi_trim(llmfi_str(m->in.ptr + begin, from - 1 - begin)));
        }
        llmfi_buf_drop(&m->in, begin);
    }
}

/* One socket is its standard input and output. */
static void llmfi_mcp_program(llmf_mcp *m, const char *const *command) {
    int ends[2] = {-1, -1};
    bool ok = socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0;
    m->fd = ok ? ends[0] : LLMFI_NO_FD;
    ok = ok && llmfi_sys_quiet(ends[0]) && fcntl(ends[1], F_SETFD, FD_CLOEXEC) == 0 && llmfi_program_start(&m->pid, command, ends[1], ends[1]) == 0;
    if (!ok) llmfi_mcp_fail(m, LLMF_ERR_CONFIG, "the MCP server cannot be started: ", llmfi_cstr(command[0]));
    if (ends[1] >= 0) close(ends[1]);
}
#endif

/* ---- in llmf_poll ---- */

static void llmfi_mcp_run(llmfi_pump *p) {
    llmf_mcp *m = (llmf_mcp *)(void *)p;
    llmfi_mcp_ask *a, *next;
    for (a = m->url.len ? m->asks : NULL; a; a = next) {
        next = a->next; /* answers put new ones in front, and take none away but their own */
        llmfi_mcp_look(m, a);
    }
#if LLMFI_HAS_PROGRAMS
    if (!m->url.len) llmfi_mcp_read(m);
#endif
    m->pump.busy = m->asks != NULL;
}

static void llmfi_mcp_close(llmfi_pump *p) {
    llmf_mcp *m = (llmf_mcp *)(void *)p;
    llmf_factory *f = m->f;
    llmfi_pump **at = &f->pumps;
    while (*at && *at != p) at = &(*at)->next;
    if (*at) *at = p->next;
    llmfi_mcp_gone(m, LLMF_ERR_CANCELLED, "");
#if LLMFI_HAS_PROGRAMS
    if (m->fd != LLMFI_NO_FD) LLMFI_SYS_CLOSE(m->fd);
    llmfi_program_end(&m->pid, LLMFI_MCP_END_MS);
    llmfi_buf_free(&m->in);
    llmfi_buf_free(&m->out);
#endif
    llmfi_wipe(llmfi_str(m->authorization, sizeof m->authorization));
    llmfi_buf_free(&m->functions);
    llmfi_arena_free(&m->arena);
    llmfi_heap_free(&f->heap, m);
}

/* ---- from outside ---- */

static void llmfi_mcp_begin(llmf_mcp *m, const llmf_mcp_desc *d) {
    llmf_str token = llmfi_cstr(d->token);
    llmfi_text t = llmfi_text_in(m->authorization, sizeof m->authorization);
    if (d->url) {
        m->url = llmfi_arena_copy(&m->arena, llmfi_cstr(d->url));
        if (token.len) llmfi_say_c(&t, "Bearer ");
        llmfi_say(&t, token);
        if (!m->url.len) llmfi_mcp_fail(m, LLMF_ERR_ARGUMENT, "llmf_mcp_desc.url is empty, or there is no memory for it", llmfi_str("", 0));
        else if (token.len > LLMFI_MCP_HEADER - 16 || llmfi_header_bad_value(token) != LLMFI_NOWHERE) llmfi_mcp_fail(m, LLMF_ERR_ARGUMENT, "llmf_mcp_desc.token: is no value of a header", llmfi_str("", 0));
    }
#if LLMFI_HAS_PROGRAMS
    else llmfi_mcp_program(m, d->command);
#else
    else llmfi_mcp_fail(m, LLMF_ERR_NOT_BUILT, "this build starts no programs: that wants POSIX", llmfi_str("", 0));
#endif
    if (m->state != LLMFI_MCP_FAILED) llmfi_mcp_must(m, llmfi_mcp_send(m, LLMFI_MCP_INITIALIZE, "initialize", NULL, NULL, LLMFI_LIT(LLMFI_MCP_HELLO)));
}

static llmf_mcp *llmfi_mcp_new(llmf_factory *f, const llmf_mcp_desc *d) {
    llmf_mcp *m = (llmf_mcp *)llmfi_heap_alloc(&f->heap, sizeof *m);
    if (!m) return NULL;
    memset(m, 0, sizeof *m);
    m->f = f;
    m->pump.run = llmfi_mcp_run;
    m->pump.close = llmfi_mcp_close;
    m->pump.busy = true;
    m->pump.next = f->pumps;
    f->pumps = &m->pump;
    m->timeout_ms = d->timeout_ms > 0 ? d->timeout_ms : (int64_t)LLMFI_MCP_ANSWER_MS;
    m->url = llmfi_str("", 0);
    memcpy(m->version, LLMFI_MCP_VERSION, sizeof LLMFI_MCP_VERSION);
    llmfi_arena_init(&m->arena, &f->heap, 0);
    llmfi_buf_init(&m->functions, &f->heap, 0);
#if LLMFI_HAS_PROGRAMS
    m->fd = LLMFI_NO_FD;
    llmfi_buf_init(&m->in, &f->heap, 0);
    llmfi_buf_init(&m->out, &f->heap, 0);
#endif
    return m;
}

/* Begins, and waits until it has told its tools; NULL with *why. */
static llmf_mcp *llmfi_mcp_wait(llmf_mcp *m, const llmf_mcp_desc *d, llmf_error *why) {
    llmf_factory *f = m->f;
    uint64_t until = llmfi_after_ms(llmfi_now(f), m->timeout_ms);
    llmfi_mcp_begin(m, d);
    while (m->state == LLMFI_MCP_STARTS) {
        if (llmfi_poll(f, LLMFI_PUMP_MS, false) == -LLMF_ERR_STALE) { /* all of it is gone */
            why->code = LLMF_ERR_STALE;
            return NULL;
        }
        if (llmfi_now(f) >= until) llmfi_mcp_fail(m, LLMF_ERR_TIMEOUT, "the MCP server does not answer in time (llmf_mcp_desc.timeout_ms)", llmfi_str("", 0));
    }
    if (m->state == LLMFI_MCP_READY) return m;
    *why = m->error;
    llmfi_mcp_close(&m->pump);
    return NULL;
}

LLMF_API llmf_mcp *llmf_mcp_open_abi(llmf_factory *f, const llmf_mcp_desc *desc, size_t desc_size, llmf_error *err) {
    llmf_mcp_desc d;
    llmf_error why;
    llmf_mcp *m = NULL;
    int saved = LLMFI_ERRNO;
    memset(&d, 0, sizeof d);
    llmfi_error_clear(&why);
    if (desc) memcpy(&d, desc, desc_size < sizeof d ? desc_size : sizeof d);
    if (!f || f->polling) llmfi_error_set(&why, LLMF_ERR_ARGUMENT, f ? "llmf_mcp_open inside a callback" : "the factory is NULL");
    else if ((d.command && d.command[0] != NULL) == (d.url != NULL)) llmfi_error_set(&why, LLMF_ERR_ARGUMENT, "llmf_mcp_desc needs exactly one of command and url");
    else if ((m = llmfi_mcp_new(f, &d)) == NULL) llmfi_error_memory(&why);
    if (m) m = llmfi_mcp_wait(m, &d, &why);
    if (err) *err = why;
    if (f && why.code != LLMF_OK && why.code != LLMF_ERR_STALE) f->last_error = why;
    LLMFI_SET_ERRNO(saved);
    return m;
}

LLMF_API const llmf_function *llmf_mcp_functions(const llmf_mcp *m, size_t *count) {
    *count = m ? m->functions.len / sizeof(llmf_function) : 0;
    return m ? (const llmf_function *)(const void *)m->functions.ptr : NULL;
}

LLMF_API void llmf_mcp_close(llmf_mcp *m) {
    if (m) llmfi_mcp_close(&m->pump);
}

#endif
#endif
