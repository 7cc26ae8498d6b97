/* A microcontroller asks a model: Cortex-M3, no operating system, no C library, one block of memory, and a UART to a modem that speaks TLS. Here the modem plays
   recorded streams, a few bytes at a time as a UART hands them out. `make device` builds build/device.elf, tests/device.sh runs it in QEMU. */
#include "llm.h"
#include "board.h"
#include "replies.h"

/* The test sets them otherwise, to see that what goes wrong is told. */
#ifndef DEVICE_BLOCK
#define DEVICE_BLOCK 16384                   /* bytes of the one block */
#endif
#ifndef DEVICE_WORDS
#define DEVICE_WORDS "The bed in the north is dry (18 %) and warm (31 \xC2\xB0\x43). I open its valve."
#endif
#ifndef DEVICE_CUT
#define DEVICE_CUT 0                         /* the line goes dead behind so many bytes of a reply; 0: never */
#endif

static uint64_t block[DEVICE_BLOCK / sizeof(uint64_t)];
static llmf_error err; /* too large for a small stack */

/* ---- output ---- */

static size_t length(const char *text) {
    size_t n = 0;
    while (text[n]) n++;
    return n;
}

static void say(const char *text) {
    board_write(text, length(text));
}

static void say_number(int64_t n) {
    char digits[24], *at = digits + sizeof digits;
    uint64_t left = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
    do *--at = (char)('0' + left % 10);
    while (left /= 10);
    if (n < 0) *--at = '-';
    board_write(at, (size_t)(digits + sizeof digits - at));
}

static bool is(llmf_str s, const char *text) {
    return s.len == length(text) && memcmp(s.ptr, text, s.len) == 0;
}

/* ---- the UART, and the modem behind it ---- */

enum { FIFO = 16, BYTES_A_MS = 11 };         /* of a UART of 115,200 baud */

typedef struct uart {
    const char *const *events;               /* the reply that the modem has, each sent as one chunk of HTTP */
    size_t event_count, event;
    const char *piece;                       /* what is being sent of it */
    size_t piece_len;
    int part;                                /* of a chunk: its size, its bytes, the end of its line */
    char size[12];
    char request[24];                        /* the first bytes of what was asked */
    size_t request_len;
    int depth;                               /* braces of the request's body that are open */
    bool asked;                              /* the request has come whole */
    size_t received, in, out;                /* bytes of the reply; that may be read, and written, in this millisecond */
    uint32_t ms;
} uart;

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

/* The FIFOs move on with the time. */
static void uart_advance(uart *u) {
    uint32_t now = board_ms();
    size_t moved = (size_t)(now - u->ms) * BYTES_A_MS;
    u->ms = now;
    u->in = least(u->in + moved, FIFO);
    u->out = least(u->out + moved, FIFO);
}

/* The next piece of the reply: HTTP/1.1 with a chunk for each event. */
static void uart_next(uart *u) {
    static const char digits[] = "0123456789abcdef";
    size_t len = u->event < u->event_count ? length(u->events[u->event]) : 0;
    int i;
    if (u->part == 0) {
        for (i = 0; i < 4; i++) u->size[i] = digits[len >> (12 - 4 * i) & 15];
        for (i = 4; i < 8; i++) u->size[i] = "\r\n\r\n"[i - 4];
        u->piece = u->size;
        u->piece_len = len ? 6 : 8; /* the empty chunk ends the body */
    } else if (u->part == 1) {
        u->piece = u->events[u->event++];
        u->piece_len = len;
    } else {
        u->piece = "\r\n";
        u->piece_len = 2;
    }
    u->part = len || u->part == 2 ? (u->part + 1) % 3 : 3;
}

static void *uart_open(void *user, const char *host, int port, bool tls) {
    (void)host, (void)port, (void)tls; /* a real modem is told to dial */
    return user;
}

static int uart_read(void *user, void *stream, char *out, size_t cap) {
    static const size_t cut = DEVICE_CUT ? DEVICE_CUT : SIZE_MAX;
    uart *u = (uart *)stream;
    size_t n;
    (void)user;
    uart_advance(u);
    if (!u->asked) return 0;
    if (!u->piece) {
        u->piece = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
        u->piece_len = length(u->piece);
    }
    if (!u->piece_len && u->part < 3) uart_next(u);
    n = least(least(least(u->piece_len, cap), u->in), cut - u->received);
    if (u->received == cut) return LLMF_STREAM_END;
    memcpy(out, u->piece, n);
    u->piece += n;
    u->piece_len -= n;
    u->in -= n;
    u->received += n;
    return (int)n;
}

/* The request is whole where the last brace of its JSON closes. (Its texts have none.) */
static int uart_write(void *user, void *stream, const char *bytes, size_t len) {
    uart *u = (uart *)stream;
    size_t n, i;
    (void)user;
    uart_advance(u);
    n = least(len, u->out);
    for (i = 0; i < n; i++) {
        if (u->request_len < sizeof u->request) u->request[u->request_len++] = bytes[i];
        if (bytes[i] == '{') u->depth++;
        if (bytes[i] == '}' && --u->depth == 0) u->asked = true;
    }
    u->out -= n;
    return (int)n;
}

static void uart_close(void *user, void *stream) {
    (void)user, (void)stream;
}

static uint64_t clock_ns(void *user) {
    (void)user;
    return (uint64_t)board_ms() * 1000000u;
}

/* ---- asking ---- */

typedef struct scene {
    const char *model, *request;             /* whom to ask, and how the request must begin */
    const char *const *events;
    size_t event_count;
    int64_t input, output;                   /* tokens */
} scene;

static const scene scenes[] = {
#if defined(LLMF_WITH_ANTHROPIC) && LLMF_WITH_ANTHROPIC
    {"anthropic:claude-sonnet-5", "POST /v1/messages HTTP/1", anthropic_reply, sizeof anthropic_reply / sizeof *anthropic_reply, 412, 57},
#endif
#if defined(LLMF_WITH_OPENAI) && LLMF_WITH_OPENAI
    {"openai:gpt-4o-mini", "POST /v1/chat/completion", openai_reply, sizeof openai_reply / sizeof *openai_reply, 398, 41},
#endif
};

static bool wrong(const char *what) {
    say("\nwrong: ");
    say(what);
    say("\n");
    return false;
}

static bool failed(const llmf_error *why) {
    say("\nerror: ");
    say(why->text);
    say("\n");
    return false;
}

/* Everything must be as it was recorded. */
static bool as_recorded(const scene *s, const uart *u, const llmf_response *r, int pieces, int tool_events) {
    if (r->error.code) return failed(&r->error);
    if (memcmp(u->request, s->request, sizeof u->request) != 0) return wrong("the request");
    if (!is(r->text, DEVICE_WORDS)) return wrong("the text");
    if (pieces != 4) return wrong("the pieces of the text");
    if (r->tool_call_count != 1 || tool_events != 1) return wrong("the count of tool calls");
    if (!is(r->tool_calls[0].name, "set_valve")) return wrong("the tool's name");
    if (!is(r->tool_calls[0].arguments, "{\"valve\":\"north\",\"open\":true}")) return wrong("the tool's arguments");
    if (r->finish != LLMF_FINISH_TOOL_CALLS) return wrong("the finish reason");
    if (r->usage.input != s->input || r->usage.output != s->output) return wrong("the tokens");
    return true;
}

static void say_end(const llmf_response *r) {
    say("\ntool: ");
    board_write(r->tool_calls[0].name.ptr, r->tool_calls[0].name.len);
    say(" ");
    board_write(r->tool_calls[0].arguments.ptr, r->tool_calls[0].arguments.len);
    say("\nfinish: ");
    say(llmf_finish_name(r->finish));
    say(", tokens: ");
    say_number(r->usage.input);
    say(" in, ");
    say_number(r->usage.output);
    say(" out, ");
    say_number(r->latency_ms);
    say(" ms\n");
}

/* Pumps the call once a millisecond, as a main loop with other work would. */
static bool converse(llmf_factory *f, llmf_call c, const scene *s, const uart *u) {
    llmf_event ev;
    int pieces = 0, tool_events = 0;
    bool done = false, right = false;
    while (!done && llmf_poll(f, 0) >= 0) {
        while (llmf_next(f, c, &ev)) {
            if (ev.type == LLMF_EVENT_TEXT) {
                board_write(ev.text.ptr, ev.text.len);
                pieces++;
            }
            if (ev.type == LLMF_EVENT_TOOL_CALL) tool_events++;
            if (!ev.response) continue;
            done = true;
            right = as_recorded(s, u, ev.response, pieces, tool_events);
            if (right) say_end(ev.response);
        }
        board_sleep();
    }
    return right;
}

static bool ask(llmf_factory *f, uart *u, const scene *s) {
    llmf_tool valve = {0};
    llmf_request req = {0};
    llmf_call c;
    bool right;
    memset(u, 0, sizeof *u);
    u->events = s->events;
    u->event_count = s->event_count;
    u->ms = board_ms();
    valve.name = "set_valve";
    valve.description = "Opens or closes the valve of a bed";
    valve.parameters = "{\"type\":\"object\",\"properties\":{\"valve\":{\"type\":\"string\"},\"open\":{\"type\":\"boolean\"}},\"required\":[\"valve\",\"open\"]}";
    req.system = "You water a greenhouse.";
    req.prompt = "North: 18 %, 31 degrees. South: 60 %, 24 degrees.";
    req.tools = &valve;
    req.tool_count = 1;
    req.max_tokens = 200;
    req.stream = true;
    req.flags = LLMF_BORROW; /* constants: no copies */
    say(s->model);
    say(": ");
    c = llmf_start(f, llmf_get(f, s->model, &err), &req);
    if (!c.id) {
        llmf_last_error(f, &err);
        return failed(&err);
    }
    right = converse(f, c, s, u);
    llmf_free(f, c);
    return right;
}

static void say_memory(const llmf_factory *f) {
    llmf_memory_info m;
    llmf_memory(f, &m);
    say("block: ");
    say_number((int64_t)m.block);
    say(" bytes, ");
    say_number((int64_t)m.permanent);
    say(" for good, at most ");
    say_number((int64_t)m.high_water);
    say(" of the rest\nstack: ");
    say_number((int64_t)board_stack_used());
    say(" of ");
    say_number((int64_t)board_stack());
    say(" bytes\n");
}

int main(void) {
    static uart line;
    llmf_stream_ops modem = {0};
    llmf_desc desc = {0};
    llmf_factory *f;
    size_t i;
    bool right = true;
    modem.user = &line;
    modem.open = uart_open;
    modem.read = uart_read;
    modem.write = uart_write;
    modem.close = uart_close;
    desc.memory = block;
    desc.memory_size = sizeof block;
    desc.custom_stream = &modem;
    desc.clock_ns = clock_ns;
    desc.api_key = "not-a-real-key";
    desc.recv_size = 512;
    desc.max_calls = 1;
    desc.max_models = 2;
    desc.max_connections = 1;
    desc.max_idle = -1;
    f = llmf_open(&desc, &err);
    if (!f) return failed(&err), 1;
    for (i = 0; right && i < sizeof scenes / sizeof *scenes; i++) right = ask(f, &line, &scenes[i]);
    say_memory(f);
    llmf_close(f);
    if (right) say("all as recorded\n");
    return right ? 0 : 1;
}
