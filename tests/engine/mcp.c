/* MCP servers as functions of a run: a program (this one, started again) and a server over HTTP, which answer as the name of a tool says; the model is the loopback
   server's. */
#define LLMF_WITH_MCP 1
#include "kit.h"
#include "server.h"

static server the_server;
static kit_seen seen;
static const char *self;

/* ---- the server that is played ---- */

static bool cancelled_seen;

/* The answer to one message into `out`, without a newline; empty: none. False: the server ends. */
static bool play(const char *line, char *out, size_t cap, const char *mode) {
    llmf_str message = kit_str(line), v, params, name;
    char method[64] = "", tool[64] = "";
    int id = 0;
    double n;
    out[0] = '\0';
    if (!llmf_json_valid(message, NULL)) return false;
    if (llmf_json_get(message, "method", &v)) llmf_json_string(v, method, sizeof method);
    if (llmf_json_get(message, "id", &v) && llmf_json_number(v, &n)) id = (int)n;
    if (strcmp(method, "notifications/cancelled") == 0) cancelled_seen = true;
    if (strcmp(mode, "mute") == 0) return true;
    if (strcmp(mode, "old") == 0) snprintf(out, cap, "{\"jsonrpc\":\"2.0\",\"id\":%d,\"error\":{\"code\":-32602,\"message\":\"unsupported version\"}}", id);
    else if (strcmp(mode, "odd") == 0) snprintf(out, cap, "{\"jsonrpc\":\"2.0\",\"id\":%d,\"result\":{}}", id);
    else if (strcmp(method, "initialize") == 0)
        snprintf(out, cap, "{\"jsonrpc\":\"2.0\",\"id\":%d,\"result\":{\"protocolVersion\":\"2025-03-26\",\"capabilities\":{\"tools\":{}},\"serverInfo\":{\"name\":\"t\",\"version\":\"1\"}}}", id);
    else if (strcmp(method, "tools/list") == 0 && !strstr(line, "cursor"))
        snprintf(out, cap, "{\"jsonrpc\":\"2.0\",\"id\":%d,\"result\":{\"tools\":[{\"name\":\"add\",\"description\":\"adds \\u00e9\",\"inputSchema\":{\"type\":\"object\"}},{\"name\":\"fail\"},{\"name\":\"\"}],\"nextCursor\":\"p 2\"}}", id);
    else if (strcmp(method, "tools/list") == 0)
        snprintf(out, cap, "{\"jsonrpc\":\"2.0\",\"id\":%d,\"result\":{\"tools\":[{\"name\":\"slow\"},{\"name\":\"die\"},{\"name\":\"refuse\"},{\"name\":\"picture\"}]}}", id);
    else if (strcmp(method, "tools/call") == 0 && llmf_json_get(message, "params", &params) && llmf_json_get(params, "name", &name)) {
        llmf_json_string(name, tool, sizeof tool);
        if (strcmp(tool, "die") == 0) return false;
        if (strcmp(tool, "add") == 0) {
            double a = 0, b = 0;
            llmf_str args;
            llmf_json_get(params, "arguments", &args);
            if (llmf_json_get(args, "a", &v)) llmf_json_number(v, &a);
            if (llmf_json_get(args, "b", &v)) llmf_json_number(v, &b);
            snprintf(out, cap, "{\"jsonrpc\":\"2.0\",\"id\":%d,\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"the sum:\"},{\"type\":\"text\",\"text\":\"%g\"}],\"isError\":false}}", id, a + b);
        } else if (strcmp(tool, "fail") == 0)
            snprintf(out, cap, "{\"jsonrpc\":\"2.0\",\"id\":%d,\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"it broke\"}],\"isError\":true}}", id);
        else if (strcmp(tool, "refuse") == 0) snprintf(out, cap, "{\"jsonrpc\":\"2.0\",\"id\":%d,\"error\":{\"code\":-1,\"message\":\"not allowed\"}}", id);
        else if (strcmp(tool, "picture") == 0) snprintf(out, cap, "{\"jsonrpc\":\"2.0\",\"id\":%d,\"result\":{\"content\":[{\"type\":\"image\",\"data\":\"AAAA\"}]}}", id);
    } else if (id) {
        snprintf(out, cap, "{\"jsonrpc\":\"2.0\",\"id\":%d,\"error\":{\"code\":-32601,\"message\":\"no\"}}", id);
    }
    return true;
}

/* As a program. */
static int serve_program(const char *mode) {
    static char line[65536], out[65536];
    if (strcmp(mode, "ends") == 0) return 0;
    if (strcmp(mode, "long") == 0)
        for (;;) fputs("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{\"data\":\"0123456789\"", stdout);
    printf("hello from a library that prints\n");
    while (fgets(line, sizeof line, stdin)) {
        if (!play(line, out, sizeof out, mode)) return 1;
        if (!out[0]) continue;
        printf("{\"jsonrpc\":\"2.0\",\"id\":\"s1\",\"method\":\"ping\"}\n{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{}}\n");
        printf("%s\n", out);
        fflush(stdout);
    }
    if (strcmp(mode, "stays") == 0) pause();
    return 0;
}

/* One exchange over HTTP; false: no more. */
static bool serve_one(int fd) {
    static char in[65536], out[65536], page[70000];
    size_t got = 0, length = 0;
    char *body = NULL, path[64] = "";
    bool initialize;
    while (got + 1 < sizeof in) {
        ssize_t n = read(fd, in + got, sizeof in - 1 - got);
        if (n <= 0) return false;
        got += (size_t)n;
        in[got] = '\0';
        body = strstr(in, "\r\n\r\n");
        if (!body) continue;
        body += 4;
        if (strstr(in, "Content-Length: ")) length = (size_t)atoi(strstr(in, "Content-Length: ") + 16);
        if ((size_t)(in + got - body) >= length) break;
    }
    sscanf(in, "POST /%63[^ ]", path);
    initialize = strstr(body, "\"initialize\"") != NULL;
    if (strcmp(path, "locked") == 0 && !strstr(in, "Authorization: Bearer sesame\r\n")) {
        snprintf(page, sizeof page, "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    } else if (!initialize && (!strstr(in, "Mcp-Session-Id: s-77\r\n") || !strstr(in, "MCP-Protocol-Version: 2025-03-26\r\n"))) {
        snprintf(page, sizeof page, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    } else if (!play(body, out, sizeof out, path)) {
        return false;
    } else if (!out[0] && strstr(body, "\"id\"") && !strstr(body, "cancelled")) {
        (void)read(fd, in, 1); /* nothing comes until the other side has left */
        return false;
    } else if (!out[0]) {
        snprintf(page, sizeof page, "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    } else if (strcmp(path, "stream") == 0) {
        snprintf(page, sizeof page, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n%sConnection: close\r\n\r\n: hello\n\nevent: message\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{}}\n\n"
            "event: message\ndata: %s\n\n", initialize ? "Mcp-Session-Id: s-77\r\n" : "", out);
    } else {
        snprintf(page, sizeof page, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\nConnection: close\r\n\r\n%s", initialize ? "Mcp-Session-Id: s-77\r\n" : "", (int)strlen(out), out);
    }
    (void)!write(fd, page, strlen(page));
    return true;
}

static pid_t http_pid;
static int http_port;

static void http_start(void) {
    struct sockaddr_in at;
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    memset(&at, 0, sizeof at);
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(fd, (struct sockaddr *)&at, sizeof at) || listen(fd, 16) || getsockname(fd, (struct sockaddr *)&at, &len)) abort();
    http_port = ntohs(at.sin_port);
    http_pid = fork();
    if (http_pid == 0) {
        alarm(120);
        signal(SIGCHLD, SIG_IGN);
        for (;;) {
            int c = accept(fd, NULL, NULL);
            if (c < 0) _exit(1);
            if (fork() == 0) {
                alarm(20);
                serve_one(c);
                _exit(0);
            }
            close(c);
        }
    }
    close(fd);
}

/* ---- asking ---- */

static llmf_factory *open_factory(kit_world *w) {
    llmf_desc d = kit_desc(w);
    llmf_error err;
    llmf_factory *f;
    d.clock_ns = NULL;
    d.base_url = the_server.base;
    d.api_key = "sk-mcp-0123456789";
    d.transport = "socket";
    d.log = NULL;
    f = llmf_open(&d, &err);
    if (!f) fail_msg("%s", err.text);
    return f;
}

/* way: a mode of the program, or "/path" of the server over HTTP. */
static llmf_mcp *open_mcp(llmf_factory *f, const char *way, const char *token, int64_t timeout_ms, llmf_error *err) {
    const char *command[4];
    llmf_mcp_desc d;
    char url[64];
    memset(&d, 0, sizeof d);
    command[0] = self;
    command[1] = "serve";
    command[2] = way;
    command[3] = NULL;
    snprintf(url, sizeof url, "http://127.0.0.1:%d%s", http_port, way);
    if (way[0] == '/') d.url = url;
    else d.command = command;
    d.token = token;
    d.timeout_ms = timeout_ms;
    return llmf_mcp_open(f, &d, err);
}

static llmf_call ask(llmf_factory *f, const llmf_mcp *m, const char *prompt) {
    llmf_request r;
    llmf_run_desc d;
    memset(&r, 0, sizeof r);
    memset(&d, 0, sizeof d);
    r.prompt = prompt;
    d.request = &r;
    d.functions = llmf_mcp_functions(m, &d.function_count);
    kit_forget(&seen);
    return llmf_start_run(f, llmf_get(f, "openai:gpt-4o", NULL), &d);
}

static void says(llmf_factory *f, const llmf_mcp *m, const char *prompt, const char *part) {
    llmf_call c = ask(f, m, prompt);
    assert_true(kit_run(f, c, &seen, 10));
    if (seen.code != LLMF_OK || !kit_has(kit_cstr(&seen.text), part)) fail_msg("%s: %s %s", prompt, seen.error, kit_cstr(&seen.text));
    llmf_free(f, c);
}

static const char *const ways[] = {"plain", "/json", "/stream"};

static void tools_are_called(void **state) {
    size_t i, count, before;
    (void)state;
    if (!the_server.pid) skip();
    for (i = 0; i < KIT_COUNT(ways); i++) {
        kit_world w;
        llmf_factory *f = open_factory(&w);
        llmf_error err;
        llmf_mcp *m;
        const llmf_function *all;
        before = f->heap.used;
        m = open_mcp(f, ways[i], NULL, 5000, &err);
        if (!m) fail_msg("%s: %s", ways[i], err.text);
        all = llmf_mcp_functions(m, &count);
        assert_int_equal(count, 6);
        assert_string_equal(all[0].tool.name, "add");
        assert_string_equal(all[0].tool.description, "adds \xc3\xa9");
        assert_string_equal(all[0].tool.parameters, "{\"type\":\"object\"}");
        assert_string_equal(all[5].tool.name, "picture");
        says(f, m, "call add {\"a\":2,\n \"b\":40}", "the sum:\n42");
        says(f, m, "call add {\"a\":1,\"b\":1}; add {\"a\":2,\"b\":2}; fail; picture; refuse", "the sum:\n2");
        assert_true(kit_has(kit_cstr(&seen.text), "the sum:\n4") && kit_has(kit_cstr(&seen.text), "error: it broke") && kit_has(kit_cstr(&seen.text), "[image]") &&
                    kit_has(kit_cstr(&seen.text), "error: not allowed"));
        llmf_mcp_close(m);
        if (before) assert_true(f->pumps == NULL && f->fetches == NULL);
        llmf_close(f);
        kit_forget(&seen);
        kit_drop(&w.log);
    }
}

static void one_that_is_slow_or_dies(void **state) {
    size_t i;
    (void)state;
    if (!the_server.pid) skip();
    for (i = 0; i < KIT_COUNT(ways); i++) {
        kit_world w;
        llmf_factory *f = open_factory(&w);
        llmf_error err;
        llmf_mcp *m = open_mcp(f, ways[i], NULL, 1000, &err);
        llmf_call c;
        int k;
        if (!m) fail_msg("%s: %s", ways[i], err.text);
        says(f, m, "call slow; add {\"a\":1,\"b\":1}", "error: the function has not answered in time");
        says(f, m, "call add {\"a\":2,\"b\":40}", "42"); /* it goes on */
        c = ask(f, m, "call slow");
        for (k = 0; k < 5; k++) {
            llmf_poll(f, 10);
            kit_take(f, c, &seen);
        }
        llmf_cancel(f, c);
        assert_true(m->asks == NULL || m->asks->what == LLMFI_MCP_NOTICE);
        llmf_free(f, c);
        says(f, m, "call die", i ? "error: the MCP server does not answer" : "error: the MCP server has gone");
        if (i) says(f, m, "call add {\"a\":2,\"b\":40}", "42"); /* over HTTP it was but one answer */
        else says(f, m, "call add {\"a\":2,\"b\":40}", "error: the MCP server has gone");
        c = ask(f, m, "call slow");
        llmf_poll(f, 20);
        llmf_close(f); /* all of it goes */
        kit_forget(&seen);
        kit_drop(&w.log);
    }
}

static void wrong_from_the_start(void **state) {
    static const struct { const char *way, *token; int code; const char *part; } rows[] = {
        {"old", NULL, LLMF_ERR_PROTOCOL, "the MCP server says: unsupported version"},
        {"odd", NULL, LLMF_ERR_PROTOCOL, "names no version"},
        {"mute", NULL, LLMF_ERR_TIMEOUT, "timeout_ms"},
        {"ends", NULL, LLMF_ERR_NETWORK, "has ended"},
        {"long", NULL, LLMF_ERR_LIMIT, "LLMF_MAX_MCP_MESSAGE"},
        {"/old", NULL, LLMF_ERR_PROTOCOL, "unsupported version"},
        {"/odd", NULL, LLMF_ERR_PROTOCOL, "names no version"},
        {"/mute", NULL, LLMF_ERR_TIMEOUT, ""},
        {"/locked", "wrong", LLMF_ERR_AUTH, "HTTP 401"},
        {"/locked", "a\nb", LLMF_ERR_ARGUMENT, "token"},
    };
    kit_world w;
    llmf_factory *f = open_factory(&w);
    llmf_mcp_desc d;
    llmf_error err;
    llmf_mcp *m;
    const char *none[] = {"/no/such/program", NULL};
    size_t i, before = f->heap.used;
    (void)state;
    for (i = 0; i < KIT_COUNT(rows); i++) {
        assert_null(open_mcp(f, rows[i].way, rows[i].token, rows[i].code == LLMF_ERR_TIMEOUT ? 200 : 5000, &err));
        if (err.code != rows[i].code || !kit_has(err.text, rows[i].part)) fail_msg("%s: %d %s", rows[i].way, err.code, err.text);
    }
    m = open_mcp(f, "/locked", "sesame", 3000, &err);
    assert_non_null(m);
    llmf_mcp_close(m);
    memset(&d, 0, sizeof d);
    assert_null(llmf_mcp_open(f, &d, &err));
    assert_int_equal(err.code, LLMF_ERR_ARGUMENT);
    assert_null(llmf_mcp_open(NULL, &d, &err));
    d.command = none;
    assert_null(llmf_mcp_open(f, &d, &err));
    assert_true(err.code == LLMF_ERR_CONFIG && kit_has(err.text, "/no/such/program"));
    d.command = NULL;
    d.url = "http://127.0.0.1:1/";
    assert_null(llmf_mcp_open(f, &d, NULL));
    llmf_last_error(f, &err);
    assert_true(err.code == LLMF_ERR_NETWORK && kit_has(err.text, "nothing listens there"));
    assert_true(f->pumps == NULL && f->fetches == NULL);
    assert_true(f->heap.used <= before + 16384); /* connections that are kept */
    m = open_mcp(f, "stays", NULL, 3000, &err); /* a program that does not end by itself */
    assert_non_null(m);
    llmf_mcp_close(m);
    llmf_mcp_close(NULL);
    llmf_close(f);
    kit_drop(&w.log);
}

static void short_of_memory(void **state) {
    size_t way;
    uint64_t nth;
    (void)state;
    if (!the_server.pid) skip();
    for (way = 0; way < KIT_COUNT(ways); way++) {
        bool through = false;
        for (nth = 1; !through; nth++) {
            kit_world w;
            llmf_factory *f = open_factory(&w);
            llmf_error err;
            llmf_mcp *m;
            assert_true(nth < 400);
            (void)llmf_get(f, "openai:gpt-4o", NULL);
            llmf_fail_memory(f, nth, false);
            m = open_mcp(f, ways[way], NULL, 400, &err);
            if (m) {
                llmf_call c = ask(f, m, "call add {\"a\":2,\"b\":40}");
                if (c.id) assert_true(kit_run(f, c, &seen, 10));
                if (f->heap.fail_at > f->heap.requests && seen.code != LLMF_OK) fail_msg("%s", seen.error);
                llmf_free(f, c);
            }
            through = f->heap.fail_at > f->heap.requests;
            llmf_fail_memory(f, 0, false);
            llmf_mcp_close(m);
            assert_true(f->pumps == NULL && f->fetches == NULL);
            llmf_close(f);
            kit_forget(&seen);
            kit_drop(&w.log);
        }
        printf("%s: %d allocations refused\n", ways[way], (int)nth - 1);
    }
}

/* Lines and events that are damaged, or about something else: nothing breaks, and no ask is answered twice. */
static void hostile_servers(void **state) {
    static const char *const lines[] = {
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"protocolVersion\":\"2025-03-26\"}}",
        "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"tools\":[{\"name\":\"a\",\"inputSchema\":{\"type\":\"object\"}},{\"name\":7},[],null],\"nextCursor\":\"x\"}}",
        "{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"\\ud800 x\"},{\"type\":\"audio\"},3,{}],\"isError\":true}}",
        "{\"jsonrpc\":\"2.0\",\"id\":3,\"error\":{\"code\":-1,\"message\":\"no\"}}",
        "{\"jsonrpc\":\"2.0\",\"id\":[1,2],\"method\":\"sampling/createMessage\",\"params\":{}}",
    };
    kit_world w;
    llmf_factory *f = open_factory(&w);
    llmf_mcp_desc d;
    llmf_tool_use use;
    llmf_mcp *m;
    uint64_t chance = 88172645463325252u;
    size_t before = f->heap.used;
    int n, answered = 0;
    (void)state;
    memset(&d, 0, sizeof d);
    memset(&use, 0, sizeof use);
    use.id = use.name = kit_str("x");
    use.arguments = kit_str("{}");
    for (n = 0; n < 20000; n++) {
        char line[512];
        const char *from = lines[kit_random(&chance) % KIT_COUNT(lines)];
        size_t len = strlen(from), i, changes = kit_random(&chance) % 4, asks = 0;
        const llmfi_mcp_ask *a;
        m = llmfi_mcp_new(f, &d);
        assert_non_null(m);
        assert_true(llmfi_mcp_send(m, LLMFI_MCP_INITIALIZE, "initialize", NULL, NULL, kit_str("{}")) && llmfi_mcp_send(m, LLMFI_MCP_LIST, "tools/list", NULL, NULL, kit_str("{}")) &&
                    llmfi_mcp_send(m, LLMFI_MCP_CALL, "tools/call", &use, NULL, kit_str("{}")));
        memcpy(line, from, len);
        for (i = 0; i < changes; i++) line[kit_random(&chance) % len] = (char)(kit_random(&chance) % 2 ? "{}[]\",:0129\\"[kit_random(&chance) % 12] : (char)kit_random(&chance));
        if (kit_random(&chance) % 8 == 0) len = kit_random(&chance) % len;
        {
            char *exact = (char *)malloc(len + 1); /* nothing behind it may be read */
            llmf_str s;
            memcpy(exact, line, len);
            s.ptr = exact;
            s.len = len;
            llmfi_mcp_line(m, s);
            free(exact);
        }
        for (a = m->asks; a; a = a->next) asks++;
        assert_in_range(asks, 2, 4); /* one is answered, which may ask for two more */
        answered += asks != 3 || m->state != LLMFI_MCP_STARTS;
        llmf_mcp_close(m);
    }
    assert_int_equal(f->heap.used, before);
    printf("20000 lines, %d of them answers\n", answered);
    assert_true(answered > 2000);
    llmf_close(f);
    kit_drop(&w.log);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tools_are_called),
        cmocka_unit_test(one_that_is_slow_or_dies),
        cmocka_unit_test(wrong_from_the_start),
        cmocka_unit_test(short_of_memory),
        cmocka_unit_test(hostile_servers),
    };
    int failed;
    self = argv[0];
    if (argc == 3 && strcmp(argv[1], "serve") == 0) return serve_program(argv[2]);
    http_start();
    server_start(&the_server);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    server_stop(&the_server);
    kill(http_pid, SIGKILL);
    waitpid(http_pid, NULL, 0);
    return failed;
}
