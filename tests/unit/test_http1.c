#include "split.h"
#include "../../src/wire/http1.h"
#include "../less.h"

typedef struct reader {
    llmfi_http1 http;
    bool head_request;
    size_t max_head;
    uint64_t max_body;
    uint64_t total;                          /* bytes of the case */
    bool in_body, over;
} reader;

static char block[1 << 20];
static llmfi_heap heap;

static void reader_begin(void *p) {
    reader *r = (reader *)p;
    llmfi_http1_init(&r->http, &heap, r->head_request, r->max_head, r->max_body);
    r->in_body = r->over = false;
}

static void log_error(const llmfi_http1 *h, log_text *log) {
    static const char *const names[] = {"fine", "memory", "limit", "bad", "cut"};
    assert_in_range(h->error, LLMFI_WIRE_MEMORY, LLMFI_WIRE_CUT);
    assert_non_null(h->what);
    assert_false(h->keep_alive);
    log_cstr(log, "!");
    log_cstr(log, names[h->error]);
    log_cstr(log, "@");
    log_number(log, h->error_at);
}

/* S status reason | name: value | E + or - (keep-alive) | B body (all pieces) | T name: value | D number of bytes not taken | !error@byte */
static void log_item(reader *r, int got, log_text *log) {
    llmfi_http1 *h = &r->http;
    if (r->in_body && got != LLMFI_HTTP1_BODY) {
        log_cstr(log, "|");
        r->in_body = false;
    }
    switch (got) {
    case LLMFI_HTTP1_STATUS:
        log_cstr(log, "S ");
        log_number(log, (uint64_t)h->status);
        log_cstr(log, " ");
        log_str(log, h->value);
        log_cstr(log, "|");
        break;
    case LLMFI_HTTP1_TRAILER:
        log_cstr(log, "T "); /* fall through */
    case LLMFI_HTTP1_HEADER:
        log_str(log, h->name);
        log_cstr(log, ": ");
        log_str(log, h->value);
        log_cstr(log, "|");
        break;
    case LLMFI_HTTP1_HEADERS_END: log_cstr(log, h->keep_alive ? "E+|" : "E-|"); break;
    case LLMFI_HTTP1_BODY:
        assert_true(h->body.len > 0);
        if (!r->in_body) log_cstr(log, "B ");
        r->in_body = true;
        log_str(log, h->body);
        break;
    case LLMFI_HTTP1_DONE:
        log_cstr(log, "D");
        if (r->total != h->at) log_number(log, r->total - h->at);
        r->over = true;
        break;
    case LLMFI_HTTP1_ERROR:
        log_error(h, log);
        r->over = true;
        break;
    default: fail();
    }
}

static bool reader_feed(void *p, llmf_str in, log_text *log) {
    reader *r = (reader *)p;
    int got;
    while (!r->over && (got = llmfi_http1_next(&r->http, &in)) != LLMFI_HTTP1_MORE) {
        log_item(r, got, log);
        if (got == LLMFI_HTTP1_DONE && in.len) assert_false(r->http.keep_alive);
        if (r->over) assert_int_equal(llmfi_http1_next(&r->http, &in), got);
    }
    if (!r->over) assert_int_equal(in.len, 0);
    return !r->over;
}

static void reader_end(void *p, log_text *log) {
    reader *r = (reader *)p;
    if (!r->over) log_item(r, llmfi_http1_end(&r->http), log);
    else assert_int_equal(llmfi_http1_end(&r->http), r->http.error ? LLMFI_HTTP1_ERROR : LLMFI_HTTP1_DONE);
    llmfi_http1_free(&r->http);
    assert_int_equal(heap.used, 0);
}

static const split_ops ops = {reader_begin, reader_feed, reader_end};

static void reader_make(reader *r) {
    memset(r, 0, sizeof *r);
    llmfi_heap_init(&heap, block, sizeof block);
}

static void check(reader *r, llmf_str in, const char *expected) {
    r->total = in.len;
    split_all(&ops, r, in, in.ptr, expected, strlen(expected));
}

/* ---- whole replies ---- */

static const struct {
    const char *in, *expected;
} replies[] = {
    /* Content-Length */
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "S 200 OK|Content-Length: 5|E+|B hello|D"},
    {"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", "S 200 OK|Content-Length: 5|E+|B hello|D"},
    {"HTTP/1.1 200 OK\r\ncontent-length:0\r\n\r\n", "S 200 OK|content-length: 0|E+|D"},
    {"HTTP/1.1 200 OK\r\nCONTENT-LENGTH: 5, 5\r\ncontent-length: 5\r\n\r\nhello", "S 200 OK|CONTENT-LENGTH: 5, 5|content-length: 5|E+|B hello|D"},
    {"HTTP/1.1 200 OK\r\nContent-Length: 005\r\n\r\nhello", "S 200 OK|Content-Length: 005|E+|B hello|D"},
    {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhello", "S 200 OK|Content-Length: 3|E+|B hel|D2"},
    {"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nhello", "S 200 OK|Content-Length: 7|E+|B hello|!cut@43"},
    {"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n", "S 200 OK|Content-Length: 7|E+|!cut@38"},
    {"HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\nx", "S 200 OK|Content-Length: 18446744073709551615|E+|B x|!cut@58"},
    {"HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551616\r\n\r\nx", "S 200 OK|!bad@33"},
    {"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\nx", "S 200 OK|!bad@33"},
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", "S 200 OK|Content-Length: 5|!bad@52"},
    {"HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\nhello", "S 200 OK|!bad@33"},
    {"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello", "S 200 OK|!bad@33"},
    {"HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello", "S 200 OK|!bad@33"},
    {"HTTP/1.1 200 OK\r\nContent-Length: 5 5\r\n\r\nhello", "S 200 OK|!bad@33"},
    {"HTTP/1.1 200 OK\r\nContent-Length: 0x5\r\n\r\nhello", "S 200 OK|!bad@33"},
    {"HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\nhello", "S 200 OK|!bad@33"},
    {"HTTP/1.1 200 OK\r\nContent-Length: ,\r\n\r\nhello", "S 200 OK|!bad@33"},
    /* until the connection closes */
    {"HTTP/1.1 200 OK\r\n\r\nhello", "S 200 OK|E-|B hello|D"},
    {"HTTP/1.0 200 OK\r\n\r\n", "S 200 OK|E-|D"},
    {"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n\r\nx", "S 200 OK|Connection: keep-alive|E-|B x|D"},
    /* keep-alive */
    {"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", "S 200 OK|Content-Length: 0|E-|D"},
    {"HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: Keep-Alive\r\n\r\n", "S 200 OK|Content-Length: 0|Connection: Keep-Alive|E+|D"},
    {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: foo, , CLOSE\r\n\r\n", "S 200 OK|Content-Length: 0|Connection: foo, , CLOSE|E-|D"},
    {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n",
     "S 200 OK|Content-Length: 0|Connection: keep-alive|Connection: close|E-|D"},
    {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: closed\r\n\r\n", "S 200 OK|Content-Length: 0|Connection: closed|E+|D"},
    /* chunked */
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "S 200 OK|Transfer-Encoding: chunked|E+|B hello world|D"},
    {"HTTP/1.1 200 OK\nTransfer-Encoding: Chunked\n\n5\nhello\n00006\n world\n000\n\n", "S 200 OK|Transfer-Encoding: Chunked|E+|B hello world|D"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na;x=y;z=\"q;\"\r\n0123456789\r\nA ;e\r\n0123456789\r\n2\t\r\nab\r\n0;last\r\n\r\n",
     "S 200 OK|Transfer-Encoding: chunked|E+|B 01234567890123456789ab|D"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "S 200 OK|Transfer-Encoding: chunked|E+|D"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nA: 1\r\nContent-Length: x\r\n\r\nHTTP",
     "S 200 OK|Transfer-Encoding: chunked|E+|B x|T A: 1|T Content-Length: x|D4"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\nContent-Length: 1\r\n\r\nx", "S 200 OK|Transfer-Encoding: identity|Content-Length: 1|E+|B x|D"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity, chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", "S 200 OK|Transfer-Encoding: identity, chunked|E+|B x|D"},
    {"HTTP/1.1 200 OK\r\nContent-Length: 99\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", "S 200 OK|Content-Length: 99|Transfer-Encoding: chunked|E-|B x|D"},
    {"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
     "S 200 OK|Connection: keep-alive|Transfer-Encoding: chunked|E-|B x|D"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", "S 200 OK|Transfer-Encoding: chunked|!bad@64"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, identity\r\n\r\n", "S 200 OK|!bad@36"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "S 200 OK|!bad@36"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n", "S 200 OK|!bad@36"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello", "S 200 OK|Transfer-Encoding: chunked|E+|B hello|!cut@55"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n", "S 200 OK|Transfer-Encoding: chunked|E+|B hello|!cut@60"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nA: 1\r\n", "S 200 OK|Transfer-Encoding: chunked|E+|B hello|T A: 1|!cut@66"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX", "S 200 OK|Transfer-Encoding: chunked|E+|B hello|!bad@55"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\rX", "S 200 OK|Transfer-Encoding: chunked|E+|B hello|!bad@56"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\r\n", "S 200 OK|Transfer-Encoding: chunked|E+|B hello|!bad@56"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n", "S 200 OK|Transfer-Encoding: chunked|E+|!bad@47"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n 5\r\n", "S 200 OK|Transfer-Encoding: chunked|E+|!bad@47"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n", "S 200 OK|Transfer-Encoding: chunked|E+|!bad@47"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\n", "S 200 OK|Transfer-Encoding: chunked|E+|!bad@48"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5 5\r\n", "S 200 OK|Transfer-Encoding: chunked|E+|!bad@49"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\rx", "S 200 OK|Transfer-Encoding: chunked|E+|!bad@49"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a\r5\r\n", "S 200 OK|Transfer-Encoding: chunked|E+|!bad@51"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\nx", "S 200 OK|Transfer-Encoding: chunked|E+|B x|!cut@66"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000000\r\nx", "S 200 OK|Transfer-Encoding: chunked|E+|!bad@63"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF0\r\nx", "S 200 OK|Transfer-Encoding: chunked|E+|!bad@63"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\nFFFFFFFFFFFFFFFF\r\ny", "S 200 OK|Transfer-Encoding: chunked|E+|B x|!limit@71"},
    /* the same where the bytes between two chunks lie whole in the input */
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZ\r\n0123456789", "S 200 OK|Transfer-Encoding: chunked|E+|!bad@47"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\rx0123456789", "S 200 OK|Transfer-Encoding: chunked|E+|!bad@49"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloXY0123456789", "S 200 OK|Transfer-Encoding: chunked|E+|B hello|!bad@55"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\rX0123456789", "S 200 OK|Transfer-Encoding: chunked|E+|B hello|!bad@56"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n\r\n0123456789", "S 200 OK|Transfer-Encoding: chunked|E+|B hello|!bad@57"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0000000a\r\n0123456789\r\n00000000a\r\n0123456789\r\n00000000\r\n\r\nHTTP/1.1",
     "S 200 OK|Transfer-Encoding: chunked|E+|B 01234567890123456789|D8"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\n0\n\nHTTP/1.1 200 OK", "S 200 OK|Transfer-Encoding: chunked|E+|B abc|D15"},
    /* no body */
    {"HTTP/1.1 204 No Content\r\n\r\nextra", "S 204 No Content|E+|D5"},
    {"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", "S 204 No Content|Content-Length: 0|E+|D"},
    {"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nextra", "S 204 No Content|Content-Length: 5|E-|D5"},
    {"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "S 204 No Content|Transfer-Encoding: chunked|E-|D5"},
    {"HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n", "S 304 Not Modified|Content-Length: 500|E+|D"},
    /* interim replies */
    {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", "S 200 OK|Content-Length: 1|E+|B x|D"},
    {"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nContent-Length: 9\r\nConnection: close\r\n\r\nHTTP/1.1 100\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
     "S 200 OK|Content-Length: 1|E+|B x|D"},
    {"HTTP/1.1 100 Continue\r\n\r\n", "!cut@25"},
    {"HTTP/1.1 100 Continue\r\nbad\r\n\r\n", "!bad@26"},
    {"HTTP/1.1 101 Switching Protocols\r\n\r\n", "!bad@9"},
    {"HTTP/1.1 199 x\r\n\r\nHTTP/1.1 599 y\r\n\r\n", "S 599 y|E-|D"},
    /* status lines */
    {"", "!cut@0"},
    {"HTTP/1.1 200", "!cut@12"},
    {"HTTP/1.1 200\r\n\r\n", "S 200 |E-|D"},
    {"HTTP/1.1 200 \r\n\r\n", "S 200 |E-|D"},
    {"HTTP/1.1 200  Very  well \r\n\r\n", "S 200 Very  well|E-|D"},
    {"HTTP/1.1 999 Odd\r\n\r\n", "S 999 Odd|E-|D"},
    {"HTTP/1.2 200 OK\r\nContent-Length: 0\r\n\r\n", "S 200 OK|Content-Length: 0|E+|D"},
    {"HTTP/1.1 099 x\r\n\r\n", "!bad@9"},
    {"HTTP/1.1 20\r\n\r\n", "!bad@11"},
    {"HTTP/1.1 2000 OK\r\n\r\n", "!bad@12"},
    {"HTTP/1.1 20x OK\r\n\r\n", "!bad@11"},
    {"HTTP/1.1  200 OK\r\n\r\n", "!bad@9"},
    {"HTTP/2 200 OK\r\n\r\n", "!bad@5"},
    {"HTTP/2.0 200 OK\r\n\r\n", "!bad@5"},
    {"http/1.1 200 OK\r\n\r\n", "!bad@0"},
    {"ICY 200 OK\r\n\r\n", "!bad@0"},
    {"\r\nHTTP/1.1 200 OK\r\n\r\n", "!bad@0"},
    {"{\"error\":1}\n", "!bad@0"},
    {"HTTP/1.1 200 O\rK\r\n\r\n", "!bad@14"},
    /* headers */
    {"HTTP/1.1 200 OK\r\nA:\r\nB: \r\nC:\t x  y\t \r\nD: \xC3\xA4:\"\r\n!#$%&'*+-.^_`|~: 1\r\n\r\n", "S 200 OK|A: |B: |C: x  y|D: \xC3\xA4:\"|!#$%&'*+-.^_`|~: 1|E-|D"},
    {"HTTP/1.1 200 OK\r\nContent-Lenght: x\r\nTransfer_Encoding: x\r\nConnectiom: close\r\nContent-Length: 0\r\n\r\n",
     "S 200 OK|Content-Lenght: x|Transfer_Encoding: x|Connectiom: close|Content-Length: 0|E+|D"},
    {"HTTP/1.1 200 OK\r\nA: a bell \x07, an escape \x1B and a DEL \x7F stay\r\n\r\n", "S 200 OK|A: a bell \x07, an escape \x1B and a DEL \x7F stay|E-|D"},
    {"HTTP/1.1 200 OK\r\nA: a bell \x07 and\ra CR\r\n\r\n", "S 200 OK|!bad@32"},
    {"HTTP/1.1 200 OK\r\nA: 1\r\n folded\r\n\r\n", "S 200 OK|A: 1|!bad@23"},
    {"HTTP/1.1 200 OK\r\n\tA: 1\r\n\r\n", "S 200 OK|!bad@17"},
    {"HTTP/1.1 200 OK\r\nA : 1\r\n\r\n", "S 200 OK|!bad@18"},
    {"HTTP/1.1 200 OK\r\n: 1\r\n\r\n", "S 200 OK|!bad@17"},
    {"HTTP/1.1 200 OK\r\nabc\r\n\r\n", "S 200 OK|!bad@20"},
    {"HTTP/1.1 200 OK\r\na\xC3\xA4: c\r\n\r\n", "S 200 OK|!bad@18"},
    {"HTTP/1.1 200 OK\r\nA: 1\r2\r\n\r\n", "S 200 OK|!bad@21"},
    {"HTTP/1.1 200 OK\r\nA: 1\r\r\n\r\n", "S 200 OK|!bad@21"},
    {"HTTP/1.1 200 OK\r\nA: 1\r\n\rx\r\n", "S 200 OK|A: 1|!bad@23"},
    {"HTTP/1.1 200 OK\r\nA: 1", "S 200 OK|!cut@21"},
    {"HTTP/1.1 200 OK\r\nA: 1\r\n\r", "S 200 OK|A: 1|!cut@24"},
};

static void test_replies(void **state) {
    size_t i;
    reader r;
    (void)state;
    reader_make(&r);
    for (i = 0; i < LLMFI_COUNT(replies); i++) check(&r, llmfi_cstr(replies[i].in), replies[i].expected);
}

static void test_nul(void **state) {
    static const char status[] = "HTTP/1.1 200 O\0K\r\n\r\n", name[] = "HTTP/1.1 200 OK\r\nA\0: 1\r\n\r\n", value[] = "HTTP/1.1 200 OK\r\nA: 1\0\r2\r\n\r\n";
    reader r;
    (void)state;
    reader_make(&r);
    check(&r, llmfi_str(status, sizeof status - 1), "!bad@14");
    check(&r, llmfi_str(name, sizeof name - 1), "S 200 OK|!bad@18");
    check(&r, llmfi_str(value, sizeof value - 1), "S 200 OK|!bad@21");
}

static void test_head_request(void **state) {
    reader r;
    (void)state;
    reader_make(&r);
    r.head_request = true;
    r.max_body = 10;
    check(&r, LLMFI_LIT("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"), "S 200 OK|Content-Length: 500|E+|D");
    check(&r, LLMFI_LIT("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), "S 200 OK|Transfer-Encoding: chunked|E+|D");
    check(&r, LLMFI_LIT("HTTP/1.1 200 OK\r\n\r\n"), "S 200 OK|E+|D");
}

/* ---- limits at -1, 0, +1 ---- */

static void test_head_limit(void **state) {
    static const char text[] = "HTTP/1.1 100 C\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nxy\r\n0\r\nT: 1\r\n\r\n";
    reader r;
    (void)state;
    reader_make(&r);
    r.max_head = 18 + 47 + 8;
    check(&r, llmfi_cstr(text), "S 200 OK|Transfer-Encoding: chunked|E+|B xy|T T: 1|D");
    r.max_head++;
    check(&r, llmfi_cstr(text), "S 200 OK|Transfer-Encoding: chunked|E+|B xy|T T: 1|D");
    r.max_head -= 2;
    check(&r, llmfi_cstr(text), "S 200 OK|Transfer-Encoding: chunked|E+|B xy|T T: 1|!limit@82");
    r.max_head = 18 + 47;
    check(&r, llmfi_cstr(text), "S 200 OK|Transfer-Encoding: chunked|E+|B xy|!limit@75");
    r.max_head = 18 + 47 - 1;
    check(&r, llmfi_cstr(text), "S 200 OK|Transfer-Encoding: chunked|!limit@64");
    r.max_head = 18 + 20;
    check(&r, llmfi_cstr(text), "S 200 OK|!limit@38");
    r.max_head = 5;
    check(&r, llmfi_cstr(text), "!limit@5");
}

static void test_body_limit(void **state) {
    reader r;
    (void)state;
    reader_make(&r);
    for (r.max_body = 4; r.max_body <= 6; r.max_body++) {
        bool fits = r.max_body >= 5;
        check(&r, LLMFI_LIT("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"), fits ? "S 200 OK|Content-Length: 5|E+|B hello|D" : "S 200 OK|Content-Length: 5|!limit@38");
        check(&r, LLMFI_LIT("HTTP/1.1 200 OK\r\n\r\nhello"), fits ? "S 200 OK|E-|B hello|D" : "S 200 OK|E-|B hell|!limit@23");
        check(&r, LLMFI_LIT("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"),
              fits ? "S 200 OK|Transfer-Encoding: chunked|E+|B hello|D" : "S 200 OK|Transfer-Encoding: chunked|E+|B he|!limit@57");
    }
}

static void test_header_count(void **state) {
    size_t count, i;
    (void)state;
    for (count = LLMF_MAX_HEADERS - 1; count <= LLMF_MAX_HEADERS + 1; count++) {
        log_text in = {NULL, 0, 0}, expected = {NULL, 0, 0};
        reader r;
        reader_make(&r);
        log_cstr(&in, "HTTP/1.1 204 N\r\n");
        log_cstr(&expected, "S 204 N|");
        for (i = 0; i < count; i++) {
            log_cstr(&in, "A: 1\r\n");
            if (i < LLMF_MAX_HEADERS) log_cstr(&expected, "A: 1|");
        }
        log_cstr(&in, "\r\n");
        log_cstr(&expected, count <= LLMF_MAX_HEADERS ? "E+|D" : "!limit@");
        if (count > LLMF_MAX_HEADERS) log_number(&expected, 16 + 6 * LLMF_MAX_HEADERS);
        check(&r, llmfi_str(in.ptr, in.len), expected.ptr);
        log_free(&in);
        log_free(&expected);
    }
}

static void test_interim_count(void **state) {
    int count, i;
    (void)state;
    for (count = LLMFI_HTTP1_INTERIM - 1; count <= LLMFI_HTTP1_INTERIM + 1; count++) {
        log_text in = {NULL, 0, 0}, expected = {NULL, 0, 0};
        reader r;
        reader_make(&r);
        for (i = 0; i < count; i++) log_cstr(&in, "HTTP/1.1 102 P\r\n\r\n");
        log_cstr(&in, "HTTP/1.1 204 N\r\n\r\n");
        log_cstr(&expected, count <= LLMFI_HTTP1_INTERIM ? "S 204 N|E+|D" : "!limit@");
        if (count > LLMFI_HTTP1_INTERIM) log_number(&expected, 18 * LLMFI_HTTP1_INTERIM);
        check(&r, llmfi_str(in.ptr, in.len), expected.ptr);
        log_free(&in);
        log_free(&expected);
    }
}

/* A line that only grows: zeros before the size, or an extension. */
static void test_size_line(void **state) {
    static const char head[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    int extra, kind;
    (void)state;
    for (kind = 0; kind < 2; kind++)
        for (extra = 2 - less(3); extra <= 1; extra++) {
            log_text in = {NULL, 0, 0}, expected = {NULL, 0, 0};
            size_t fill = (size_t)(LLMFI_HTTP1_SIZE_LINE - 3 + extra), i;
            reader r;
            reader_make(&r);
            log_cstr(&in, head);
            if (kind) log_cstr(&in, "1;");
            for (i = kind ? 1 : 0; i < fill; i++) log_cstr(&in, "0");
            log_cstr(&in, kind ? "\r\nx\r\n0\r\n\r\n" : "1\r\nx\r\n0\r\n\r\n");
            log_cstr(&expected, "S 200 OK|Transfer-Encoding: chunked|E+|");
            log_cstr(&expected, extra <= 0 ? "B x|D" : "!limit@");
            if (extra > 0) log_number(&expected, sizeof head - 1 + LLMFI_HTTP1_SIZE_LINE);
            check(&r, llmfi_str(in.ptr, in.len), expected.ptr);
            log_free(&in);
            log_free(&expected);
        }
}

/* ---- memory and lifetimes ---- */

static const char long_reply[] = "HTTP/1.1 200 OK, and a reason phrase that is longer than one unit of the heap is\r\n"
                                 "X-Long: a value that is longer than one unit of the heap, and then longer than two of them, to make the line grow as it comes\r\n"
                                 "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Trailer: 1\r\n\r\n";

static void test_memory_refused(void **state) {
    static const size_t steps[] = {1, 7, 100};
    llmf_str bytes = llmfi_str(long_reply, sizeof long_reply - 1);
    size_t s, refused = 0;
    (void)state;
    for (s = 0; s < LLMFI_COUNT(steps); s++) {
        uint64_t n;
        bool hit = true;
        log_text good = {NULL, 0, 0}, log = {NULL, 0, 0};
        reader r;
        reader_make(&r);
        r.total = bytes.len;
        split_run(&ops, &r, bytes, 0, steps[s], &good);
        for (n = 1; hit; n++) {
            reader_make(&r);
            r.total = bytes.len;
            heap.fail_at = n;
            log.len = 0;
            split_run(&ops, &r, bytes, 0, steps[s], &log);
            hit = heap.requests >= n;
            if (hit) {
                const char *mark = strstr(log.ptr, "!memory@");
                assert_non_null(mark);
                assert_memory_equal(log.ptr, good.ptr, (size_t)(mark - log.ptr));
                refused++;
            }
        }
        split_expect(&log, good.ptr, good.len, "nothing refused", 0, steps[s]);
        log_free(&good);
        log_free(&log);
    }
    assert_true(refused >= 8);
}

/* Whole lines are views into the input; the body always is; while the body comes, nothing is held. */
static void test_zero_copy(void **state) {
    static const char text[] = "HTTP/1.1 200 OK\r\nA: 1\r\nContent-Length: 4\r\n\r\nbodyrest";
    llmf_str in = llmfi_str(text, sizeof text - 1), half = llmfi_str(text, 20);
    llmfi_http1 h;
    (void)state;
    llmfi_heap_init(&heap, block, sizeof block);
    llmfi_http1_init(&h, &heap, false, 0, 0);
    assert_int_equal(llmfi_http1_next(&h, &in), LLMFI_HTTP1_STATUS);
    assert_ptr_equal(h.value.ptr, text + 13);
    assert_ptr_equal(in.ptr, text + 17);
    assert_int_equal(llmfi_http1_next(&h, &in), LLMFI_HTTP1_HEADER);
    assert_ptr_equal(h.name.ptr, text + 17);
    assert_ptr_equal(in.ptr, text + 23);
    assert_int_equal(llmfi_http1_next(&h, &in), LLMFI_HTTP1_HEADER);
    assert_int_equal(llmfi_http1_next(&h, &in), LLMFI_HTTP1_HEADERS_END);
    assert_true(h.keep_alive);
    assert_int_equal(llmfi_http1_next(&h, &in), LLMFI_HTTP1_BODY);
    assert_ptr_equal(h.body.ptr, strstr(text, "bodyrest"));
    assert_int_equal(h.body.len, 4);
    assert_int_equal(llmfi_http1_next(&h, &in), LLMFI_HTTP1_DONE);
    assert_int_equal(in.len, 4);
    assert_false(h.keep_alive);
    assert_true(heap.requests == 0);

    llmfi_http1_init(&h, &heap, false, 0, 0);
    in = llmfi_str(text + 20, 28);
    assert_int_equal(llmfi_http1_next(&h, &half), LLMFI_HTTP1_STATUS);
    assert_int_equal(llmfi_http1_next(&h, &half), LLMFI_HTTP1_MORE);
    assert_int_equal(llmfi_http1_next(&h, &in), LLMFI_HTTP1_HEADER);
    assert_true(llmfi_eq(h.name, LLMFI_LIT("A")) && llmfi_eq(h.value, LLMFI_LIT("1")));
    assert_true(heap.used > 0);
    assert_int_equal(llmfi_http1_next(&h, &in), LLMFI_HTTP1_HEADER);
    assert_int_equal(llmfi_http1_next(&h, &in), LLMFI_HTTP1_HEADERS_END);
    assert_int_equal(heap.used, 0);
    assert_int_equal(llmfi_http1_next(&h, &in), LLMFI_HTTP1_BODY);
    assert_int_equal(llmfi_http1_next(&h, &in), LLMFI_HTTP1_DONE);
    assert_true(h.keep_alive);
    llmfi_http1_free(&h);
}

/* ---- the head of a request ---- */

static llmf_header header(const char *name, const char *value) {
    llmf_header h;
    h.name = llmfi_cstr(name);
    h.value = llmfi_cstr(value);
    return h;
}

static void request_make(llmfi_http1_request *r, const llmf_header *headers, size_t count) {
    memset(r, 0, sizeof *r);
    r->method = LLMFI_LIT("POST");
    r->target = LLMFI_LIT("/v1/chat?x=1");
    r->host = LLMFI_LIT("api.test:8080");
    r->headers = headers;
    r->header_count = count;
}

static void test_write_head(void **state) {
    static const char expected[] = "kept POST /v1/chat?x=1 HTTP/1.1\r\nHost: api.test:8080\r\nA: 1\r\nX-Empty: \r\nContent-Length: 18446744073709551615\r\n\r\n";
    llmf_header headers[2];
    llmfi_http1_request r;
    const char *what;
    uint64_t n;
    llmfi_buf out;
    (void)state;
    headers[0] = header("A", "1");
    headers[1] = header("X-Empty", "");
    request_make(&r, headers, 2);
    r.has_body = true;
    r.content_length = UINT64_MAX;
    for (n = 0; n < 2; n++) {
        llmfi_heap_init(&heap, block, sizeof block);
        llmfi_buf_init(&out, &heap, 0);
        assert_true(llmfi_buf_add(&out, "kept ", 5));
        heap.fail_at = n ? heap.requests + n : 0;
        assert_int_equal(llmfi_http1_write_head(&out, &r, &what), n ? LLMFI_WIRE_MEMORY : LLMFI_WIRE_FINE);
        assert_int_equal(out.len, n ? 5 : sizeof expected - 1);
        assert_memory_equal(out.ptr, expected, out.len);
        if (n) assert_non_null(what);
        llmfi_buf_free(&out);
    }
    llmfi_buf_init(&out, &heap, 0);
    r.header_count = 0;
    r.content_length = 0;
    assert_int_equal(llmfi_http1_write_head(&out, &r, &what), LLMFI_WIRE_FINE);
    assert_true(llmfi_ends(llmfi_buf_str(&out), LLMFI_LIT("8080\r\nContent-Length: 0\r\n\r\n")));
    out.len = 0;
    r.has_body = false;
    assert_int_equal(llmfi_http1_write_head(&out, &r, &what), LLMFI_WIRE_FINE);
    assert_true(llmfi_ends(llmfi_buf_str(&out), LLMFI_LIT("8080\r\n\r\n")));
    llmfi_buf_free(&out);
}

/* Whatever the lengths: each growth refused leaves the buffer as it was. */
static void test_write_head_memory(void **state) {
    static char target[301], big[200];
    llmf_header h;
    llmfi_http1_request r;
    const char *what;
    size_t len, refused = 0;
    (void)state;
    memset(target, '/', sizeof target);
    memset(big, 'v', sizeof big);
    h.name = LLMFI_LIT("X");
    h.value = llmfi_str(big, sizeof big);
    request_make(&r, &h, 1);
    r.host = llmfi_str(big, sizeof big);
    r.has_body = true;
    for (len = 1; len <= 300; len++) {
        uint64_t n;
        int got = LLMFI_WIRE_MEMORY;
        r.target = llmfi_str(target, len);
        for (n = 1; got != LLMFI_WIRE_FINE; n++) {
            llmfi_buf out;
            llmfi_heap_init(&heap, block, sizeof block);
            llmfi_buf_init(&out, &heap, 0);
            heap.fail_at = n;
            got = llmfi_http1_write_head(&out, &r, &what);
            assert_int_equal(out.len, got == LLMFI_WIRE_FINE ? 24 + len + sizeof big + 5 + sizeof big + 19 + 2 : 0);
            refused += got == LLMFI_WIRE_MEMORY;
            llmfi_buf_free(&out);
        }
    }
    assert_int_equal(refused, 300); /* once for each length: the buffer grows once */
}

static void refuse(const llmfi_http1_request *r) {
    const char *what = NULL;
    llmfi_buf out;
    llmfi_buf_init(&out, &heap, 0);
    assert_int_equal(llmfi_http1_write_head(&out, r, &what), LLMFI_WIRE_BAD);
    assert_non_null(what);
    assert_int_equal(out.len, 0);
    assert_int_equal(heap.used, 0);
}

static void test_write_head_refuses(void **state) {
    static const char *const names[] = {"", "a b", "a:", "a\r\nb", "\xC3\xA4", "host", "CONTENT-length", "transfer-encoding"};
    static const char *const values[] = {"1\r\nX: 2", "1\n", "1\r", "\x01", "\x7F"};
    static const char *const targets[] = {"", "v1", "http://x/", "/a b", "/a\r\nX: 1", "/\xC3\xA4", "/\x7F"};
    static const char *const hosts[] = {"", "a b", "a\r\nX: 1"};
    llmf_header h;
    llmfi_http1_request r;
    size_t i;
    (void)state;
    llmfi_heap_init(&heap, block, sizeof block);
    for (i = 0; i < LLMFI_COUNT(names); i++) {
        h = header(names[i], "1");
        request_make(&r, &h, 1);
        refuse(&r);
    }
    for (i = 0; i < LLMFI_COUNT(values); i++) {
        h = header("a", values[i]);
        request_make(&r, &h, 1);
        refuse(&r);
    }
    h.value = llmfi_str("a\0b", 3);
    request_make(&r, &h, 1);
    refuse(&r);
    for (i = 0; i < LLMFI_COUNT(targets); i++) {
        request_make(&r, NULL, 0);
        r.target = llmfi_cstr(targets[i]);
        refuse(&r);
    }
    for (i = 0; i < LLMFI_COUNT(hosts); i++) {
        request_make(&r, NULL, 0);
        r.host = llmfi_cstr(hosts[i]);
        refuse(&r);
    }
    request_make(&r, NULL, 0);
    r.method = LLMFI_LIT("GET ");
    refuse(&r);
    r.method = llmfi_str("", 0);
    refuse(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replies), cmocka_unit_test(test_nul), cmocka_unit_test(test_head_request),
        cmocka_unit_test(test_head_limit), cmocka_unit_test(test_body_limit), cmocka_unit_test(test_header_count),
        cmocka_unit_test(test_interim_count), cmocka_unit_test(test_size_line), cmocka_unit_test(test_memory_refused),
        cmocka_unit_test(test_zero_copy), cmocka_unit_test(test_write_head), cmocka_unit_test(test_write_head_memory), cmocka_unit_test(test_write_head_refuses),
    };
    return cmocka_run_group_tests_name("http1", tests, NULL, NULL);
}
