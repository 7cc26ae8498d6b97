/* Operations besides chat, over a transport of the test's: embeddings split into batches, in any order, with faults, cancelled and freed at any moment; forms from
   memory and from files; counts and lists. */
#include "kit.h"
#include "../os.h"

/* ---- a provider that counts: text "17" has the vector 17, 17.25, 17.5 … ---- */

enum { MOST_WAITING = 64, MOST_TEXTS = 4096 };

typedef struct asked {
    llmf_exchange *x;
    kit_text body;
    int texts[MOST_TEXTS / 8];
    size_t count;
} asked;

typedef struct provider {
    llmf_transport transport;
    asked waiting[MOST_WAITING];
    size_t count;                  /* of those that wait for an answer */
    size_t requests, most;         /* ever; at once */
    size_t dimensions;
    bool base64, reversed, last_first, shuffled;  /* how: index against the order; the newest request is answered first */
    size_t fail_from, fail_count;  /* requests, from 1, that are answered with fail_status */
    int fail_status;
    const char *fail_header;       /* of Retry-After; NULL */
    const char *only;              /* this body instead; NULL */
    bool hold;                     /* nothing is answered */
    size_t chunk;                  /* bytes at a time; 0: all */
    kit_text url, headers;         /* of the last request */
    kit_text sent;                 /* its body */
} provider;

static void read_texts(asked *a) {
    const char *at = a->body.ptr ? strstr(a->body.ptr, "\"input\":[") : NULL;
    for (at = at ? at + 9 : NULL; at && *at == '"' && a->count < KIT_COUNT(a->texts); at += *at == ',') {
        a->texts[a->count++] = (int)strtol(at + 1, NULL, 10);
        at = strchr(at + 1, '"') + 1;
    }
}

static int provider_start(void *user, llmf_exchange *x, const llmf_http_request *req) {
    provider *p = (provider *)user;
    asked *a = &p->waiting[p->count++];
    char bytes[777];
    size_t n, i;
    assert_true(p->count <= MOST_WAITING);
    memset(a, 0, sizeof *a);
    a->x = x;
    while ((n = llmf_exchange_read(x, bytes, sizeof bytes)) > 0) kit_add(&a->body, bytes, n);
    assert_int_equal(a->body.len, req->body_len);
    read_texts(a);
    p->url.len = p->headers.len = p->sent.len = 0;
    kit_add(&p->url, req->url.ptr, req->url.len);
    for (i = 0; i < req->header_count; i++)
        kit_addf(&p->headers, "%.*s: %.*s\n", (int)req->headers[i].name.len, req->headers[i].name.ptr, (int)req->headers[i].value.len, req->headers[i].value.ptr);
    kit_add(&p->sent, a->body.ptr ? a->body.ptr : "", a->body.len);
    p->requests++;
    if (p->count > p->most) p->most = p->count;
    return LLMF_OK;
}

static void forget(provider *p, size_t at) {
    kit_drop(&p->waiting[at].body);
    memmove(&p->waiting[at], &p->waiting[at + 1], (--p->count - at) * sizeof *p->waiting);
}

static void provider_cancel(void *user, llmf_exchange *x) {
    provider *p = (provider *)user;
    size_t i;
    for (i = 0; i < p->count; i++)
        if (p->waiting[i].x == x) {
            forget(p, i);
            return;
        }
}

static void add_vector(const provider *p, kit_text *to, int text) {
    size_t k;
    if (!p->base64) {
        for (k = 0; k < p->dimensions; k++) kit_addf(to, "%s%.9g", k ? "," : "[", text + (double)k / 4);
        kit_adds(to, "]");
    } else {
        static unsigned char row[4096][4]; /* little-endian on every machine */
        static char out[4 * 4096 * 4 / 3 + 8];
        for (k = 0; k < p->dimensions; k++) {
            float value = (float)(text + (double)k / 4);
            uint32_t bits;
            int i;
            memcpy(&bits, &value, sizeof bits);
            for (i = 0; i < 4; i++) row[k][i] = (unsigned char)(bits >> 8 * i);
        }
        kit_adds(to, "\"");
        kit_add(to, out, llmfi_base64_encode(out, row, p->dimensions * sizeof *row));
        kit_adds(to, "\"");
    }
}

static void make_reply(const provider *p, const asked *a, kit_text *to) {
    size_t i;
    kit_adds(to, "{\"object\":\"list\",\"data\":[");
    for (i = 0; i < a->count; i++) {
        size_t at = p->reversed ? a->count - 1 - i : p->shuffled ? (i * 7 + 3) % a->count : i;
        kit_adds(to, i ? ",{\"embedding\":" : "{\"embedding\":");
        add_vector(p, to, a->texts[at]);
        kit_addf(to, ",\"index\":%lu}", (unsigned long)at);
    }
    kit_addf(to, "],\"model\":\"m-1\",\"usage\":{\"prompt_tokens\":%lu,\"total_tokens\":1}}", (unsigned long)a->count);
}

/* Gives bytes, and the end where all of them were taken. */
static void answer(provider *p, size_t at, size_t number) {
    asked a = p->waiting[at];
    llmf_exchange *x = a.x;
    kit_text body = {NULL, 0, 0};
    bool fails = number >= p->fail_from && number < p->fail_from + p->fail_count;
    size_t done = 0;
    memmove(&p->waiting[at], &p->waiting[at + 1], (--p->count - at) * sizeof *p->waiting);
    if (fails) kit_adds(&body, "{\"error\":{\"message\":\"not now\",\"code\":\"later\"}}");
    else if (p->only) kit_adds(&body, p->only);
    else make_reply(p, &a, &body);
    llmf_exchange_status(x, fails ? p->fail_status : 200);
    if (fails && p->fail_header) llmf_exchange_header(x, kit_str("retry-after-ms"), kit_str(p->fail_header));
    while (done < body.len) {
        size_t n = p->chunk && body.len - done > p->chunk ? p->chunk : body.len - done;
        size_t taken = llmf_exchange_data(x, body.ptr + done, n);
        assert_int_equal(taken, n); /* nothing here fills a queue */
        done += n;
    }
    llmf_exchange_end(x, LLMF_OK, NULL);
    kit_drop(&body);
    kit_drop(&a.body);
}

static void provider_poll(void *user, int timeout_ms) {
    provider *p = (provider *)user;
    static size_t answered;
    (void)timeout_ms;
    if (p->requests <= 1) answered = 0;
    if (p->hold || !p->count) return;
    answered = p->requests - p->count + 1;
    answer(p, p->last_first ? p->count - 1 : 0, answered);
}

typedef struct stage {
    provider p;
    kit_world world;
    llmf_factory *f;
    llmf_model m;
    size_t used;                   /* of the heap, before any call */
} stage;

#define CONFIG "{providers: {many: {dialect: openai, base_url: \"http://many/v1\", embedding_batch: 96}, cohere: {base_url: \"http://cohere\"}, perplexity: {models_path: /v2/list}, own: {dialect: openai, base_url: \"http://own/v1\", models_path: \"/all?x=1\"}}," \
    "models: {vec: {provider: many, model_id: e-1, capabilities: [embeddings], input_token_cost_usd_per_million: 2}}}"

static void stage_open(stage *s, const char *name, const llmf_desc *more) {
    llmf_desc d;
    llmf_error err;
    memset(s, 0, sizeof *s);
    d = kit_desc(&s->world);
    s->world.step = 1000;
    s->p.transport.user = &s->p;
    s->p.transport.start = provider_start;
    s->p.transport.cancel = provider_cancel;
    s->p.transport.poll = provider_poll;
    s->p.dimensions = 3;
    s->p.fail_status = 503;
    d.custom_transport = &s->p.transport;
    d.config_text = CONFIG;
    d.api_key = "sk-1";
    if (more && more->retry.max_retries) d.retry = more->retry;
    if (more && more->max_calls) d.max_calls = more->max_calls;
    if (more && more->max_batches) d.max_batches = more->max_batches;
    if (more && more->memory_size) d.memory_size = more->memory_size;
    s->f = llmf_open(&d, &err);
    if (!s->f) print_error("%s\n", err.text);
    assert_non_null(s->f);
    s->m = llmf_get(s->f, name, &err);
    if (!s->m.id) print_error("%s\n", err.text);
    assert_true(s->m.id != 0);
    s->used = kit_used(s->f);
}

/* All memory is back, and no request waits. */
static void stage_close(stage *s) {
    assert_int_equal(kit_used(s->f), s->used);
    assert_int_equal(s->p.count, 0);
    llmf_close(s->f);
    kit_drop(&s->p.url);
    kit_drop(&s->p.headers);
    kit_drop(&s->p.sent);
    kit_drop(&s->world.log);
}

/* ---- texts ---- */

static char words[MOST_TEXTS][8];
static llmf_str texts[MOST_TEXTS];
static float vectors[MOST_TEXTS * 4];

static llmf_request embed_request(llmf_input *in, size_t count) {
    llmf_request r;
    size_t i;
    memset(in, 0, sizeof *in);
    memset(&r, 0, sizeof r);
    for (i = 0; i < count; i++) {
        sprintf(words[i], "%lu", (unsigned long)i);
        texts[i] = kit_str(words[i]);
    }
    memset(vectors, 0x55, sizeof vectors);
    in->texts = texts;
    in->text_count = count;
    in->vectors = vectors;
    in->vector_cap = count * 3;
    r.op = LLMF_OP_EMBED;
    r.input = in;
    return r;
}

static void assert_vectors(const llmf_response *r, size_t count, size_t dimensions) {
    const llmf_output *o = r->output;
    size_t i, k;
    if (r->error.code) print_error("%s\n", r->error.text);
    assert_int_equal(r->error.code, LLMF_OK);
    assert_non_null(o);
    assert_int_equal(o->vector_count, count);
    assert_int_equal(o->dimensions, dimensions);
    for (i = 0; i < count; i++)
        for (k = 0; k < dimensions; k++)
            if (o->vectors[i * dimensions + k] != (float)((double)i + (double)k / 4)) {
                print_error("vector %lu, number %lu is %g\n", (unsigned long)i, (unsigned long)k, (double)o->vectors[i * dimensions + k]);
                fail();
            }
}

/* ---- one request ---- */

static void embed_one(void **state) {
    stage s;
    llmf_input in;
    llmf_request req;
    llmf_response r;
    int form;
    (void)state;
    for (form = 0; form < 32; form++) {
        stage_open(&s, "vec", NULL);
        req = embed_request(&in, 10);
        s.p.base64 = form & 1;
        s.p.reversed = (form & 6) == 2;
        s.p.shuffled = (form & 6) == 4;
        s.p.chunk = form & 8 ? 1 : 0;
        if (form & 16) in.vectors = NULL, in.vector_cap = 0;
        assert_int_equal(llmf_generate(s.f, s.m, &req, &r), LLMF_OK);
        assert_vectors(&r, 10, 3);
        assert_true(form & 16 ? r.output->vectors != vectors : r.output->vectors == vectors);
        assert_int_equal(r.usage.input, 10);
        assert_int_equal(r.usage.output, LLMF_UNKNOWN);
        assert_int_equal(r.cost_pico, 10 * 2000000);
        assert_int_equal(r.finish, LLMF_FINISH_NONE);
        assert_true(kit_is(r.model_used, "m-1"));
        assert_int_equal(r.text.len, 0);
        assert_int_equal(s.p.requests, 1);
        assert_string_equal(s.p.url.ptr, "http://many/v1/embeddings");
        llmf_release(s.f, &r);
        stage_close(&s);
    }
}

/* The caller's array may have room for more than the model gives. */
static void embed_room(void **state) {
    stage s;
    llmf_input in;
    llmf_request req;
    llmf_response r;
    size_t count;
    (void)state;
    for (count = 10; count < 300; count += 230) {
        stage_open(&s, "vec", NULL);
        req = embed_request(&in, count);
        in.vector_cap = count * 4 + 1;
        s.p.reversed = true;
        llmf_generate(s.f, s.m, &req, &r);
        assert_vectors(&r, count, 3);
        llmf_release(s.f, &r);
        in.vector_cap = count * 2 + 1;
        assert_int_equal(llmf_generate(s.f, s.m, &req, &r), LLMF_ERR_LIMIT);
        assert_true(kit_has(r.error.text, "vector_cap") && kit_has(r.error.text, "room for 2 floats") && kit_has(r.error.text, "have 3"));
        assert_null(r.output->vectors);
        llmf_release(s.f, &r);
        stage_close(&s);
    }
}

/* ---- what is no answer to the question ---- */

static void embed_wrong(void **state) {
    static const struct {
        const char *body, *part;
        int code;
    } cases[] = {
        {"{\"data\":[{\"index\":0,\"embedding\":[1]}]}", "fewer vectors", LLMF_ERR_PROTOCOL},
        {"{\"data\":[{\"embedding\":[1]},{\"embedding\":[1]},{\"embedding\":[1]}]}", "more vectors", LLMF_ERR_PROTOCOL},
        {"{\"data\":[{\"index\":0,\"embedding\":[1]},{\"index\":0,\"embedding\":[1]}]}", "twice", LLMF_ERR_PROTOCOL},
        {"{\"data\":[{\"index\":0,\"embedding\":[1]},{\"index\":2,\"embedding\":[1]}]}", "index", LLMF_ERR_PROTOCOL},
        {"{\"data\":[{\"embedding\":[1]},{\"embedding\":[1,2]}]}", "different lengths", LLMF_ERR_PROTOCOL},
        {"{\"data\":[{\"embedding\":[]},{\"embedding\":[1,2]}]}", "empty", LLMF_ERR_PROTOCOL},
        {"{\"data\":[{\"index\":0},{\"embedding\":[1,2]}]}", "without a vector", LLMF_ERR_PROTOCOL},
        {"{\"data\":[{\"embedding\":[1],\"embedding\":[2]},{\"embedding\":[1]}]}", "two vectors", LLMF_ERR_PROTOCOL},
        {"{\"data\":[{\"embedding\":null},{\"embedding\":[1]}]}", "something else", LLMF_ERR_PROTOCOL},
        {"{\"data\":[{\"embedding\":[\"1\"]},{\"embedding\":[1]}]}", "a number is expected", LLMF_ERR_PROTOCOL},
        {"{\"data\":[{\"embedding\":\"AAAA\"},{\"embedding\":[1]}]}", "base64", LLMF_ERR_PROTOCOL},
        {"{\"data\":[{\"embedding\":\"AA!AAA==\"},{\"embedding\":[1]}]}", "base64", LLMF_ERR_PROTOCOL},
        {"{\"data\":[{\"embedding\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAA=\"},{\"embedding\":[1]}]}", "vector_cap", LLMF_ERR_LIMIT},
        {"{\"data\":{\"embedding\":[1]}}", "none", LLMF_ERR_PROTOCOL},
        {"[]", "none", LLMF_ERR_PROTOCOL},
        {"{\"data\":[{\"embedding\":[1]},{\"embedding\":[1]}]", "ended before its end", LLMF_ERR_TRUNCATED},
        {"{\"data\":[{\"embedding\":[1],", "ended before its end", LLMF_ERR_TRUNCATED},
        {"", "ended before its end", LLMF_ERR_TRUNCATED},
        {"<html>no</html>", "base URL", LLMF_ERR_PROTOCOL},
        {"{\"error\":{\"message\":\"too much\",\"code\":\"rate_limit_exceeded\"}}", "", LLMF_ERR_RATE_LIMIT},
        {"{\"error\":\"gone wrong\"}", "", LLMF_ERR_SERVER},
    };
    stage s;
    llmf_input in;
    llmf_request req;
    llmf_response r;
    size_t i;
    (void)state;
    for (i = 0; i < 2 * KIT_COUNT(cases); i++) {
        stage_open(&s, "vec", NULL);
        req = embed_request(&in, 2);
        s.p.only = cases[i / 2].body;
        s.p.chunk = i & 1;
        llmf_generate(s.f, s.m, &req, &r);
        if (r.error.code != cases[i / 2].code || !kit_has(r.error.text, cases[i / 2].part)) {
            print_error("%s: %d %s\n", cases[i / 2].body, r.error.code, r.error.text);
            fail();
        }
        assert_int_equal(r.output->vector_count, 0);
        llmf_release(s.f, &r);
        stage_close(&s);
    }
}

/* A cut at every byte is an error, and never one that looks like success. */
static void embed_cuts(void **state) {
    stage s;
    llmf_input in;
    llmf_request req;
    llmf_response r;
    static char body[256];
    const char *whole = "{\"data\":[{\"index\":1,\"embedding\":[1,2.5,-3e2]},{\"index\":0,\"embedding\":\"AACAPwAAgD8AAIA/\"}],\"usage\":{\"prompt_tokens\":4}}";
    size_t cut;
    (void)state;
    for (cut = 0; cut <= strlen(whole); cut++) {
        stage_open(&s, "vec", NULL);
        req = embed_request(&in, 2);
        memcpy(body, whole, cut);
        body[cut] = '\0';
        s.p.only = body;
        s.p.chunk = 1 + cut % 3;
        llmf_generate(s.f, s.m, &req, &r);
        assert_int_equal(r.error.code, cut < strlen(whole) ? LLMF_ERR_TRUNCATED : LLMF_OK);
        if (cut == strlen(whole)) assert_true(vectors[0] == 1 && vectors[2] == 1 && vectors[3] == 1 && vectors[4] == 2.5f && vectors[5] == -300);
        llmf_release(s.f, &r);
        stage_close(&s);
    }
}

/* ---- batches ---- */

static void embed_batches(void **state) {
    stage s;
    llmf_desc d;
    llmf_input in;
    llmf_request req;
    llmf_response r;
    int form;
    (void)state;
    for (form = 0; form < 32; form++) {
        size_t count = form & 1 ? 1000 : 97, batches = (count + 95) / 96;
        memset(&d, 0, sizeof d);
        d.max_batches = form & 2 ? 7 : 0;
        stage_open(&s, "vec", &d);
        req = embed_request(&in, count);
        s.p.last_first = form & 4;
        s.p.base64 = form & 8;
        s.p.shuffled = true;
        if (form & 16) in.vectors = NULL, in.vector_cap = 0;
        assert_int_equal(llmf_generate(s.f, s.m, &req, &r), LLMF_OK);
        assert_vectors(&r, count, 3);
        assert_int_equal(s.p.requests, batches);
        assert_int_equal(s.p.most, batches < (form & 2 ? 7 : 4) ? batches : form & 2 ? 7 : 4);
        assert_int_equal(r.usage.input, count);
        assert_int_equal(r.cost_pico, (int64_t)count * 2000000);
        assert_true(kit_is(r.model_used, "m-1"));
        llmf_release(s.f, &r);
        stage_close(&s);
    }
}

/* One batch of 1,000 texts fails once: it alone is repeated, and the rest is as if nothing had been. */
static void embed_repeat(void **state) {
    static const int passing[] = {429, 500, 503, 529, 504};
    llmf_desc once;
    stage s;
    llmf_input in;
    llmf_request req;
    size_t i;
    (void)state;
    memset(&once, 0, sizeof once);
    once.retry.max_retries = 1;
    once.retry.jitter = -1;
    for (i = 0; i < 2 * KIT_COUNT(passing); i++) {
        kit_seen seen;
        uint64_t before;
        llmf_call c;
        memset(&seen, 0, sizeof seen);
        stage_open(&s, "vec", &once);
        req = embed_request(&in, 1000);
        s.p.fail_from = 5;
        s.p.fail_count = 1;
        s.p.fail_status = passing[i / 2];
        s.p.fail_header = i & 1 ? "1500" : NULL;
        before = s.world.now;
        s.world.step = 1000000; /* a millisecond each time somebody looks */
        c = llmf_start(s.f, s.m, &req);
        assert_true(kit_run(s.f, c, &seen, 20));
        assert_vectors(&seen.response, 1000, 3);
        assert_int_equal(s.p.requests, 12);
        assert_int_equal(seen.response.usage.input, 1000);
        assert_true(s.world.now - before >= (i & 1 ? 1500u : 500u) * 1000000u);
        llmf_free(s.f, c);
        kit_forget(&seen);
        stage_close(&s);
    }
}

static void embed_fails(void **state) {
    static const struct {
        int status, code;
        size_t count;
        const char *after;
    } cases[] = {
        {503, LLMF_ERR_OVERLOADED, 100, NULL}, /* again and again */
        {400, LLMF_ERR_BAD_REQUEST, 1, NULL},  /* no use to try it again */
        {401, LLMF_ERR_AUTH, 1, NULL},
        {429, LLMF_ERR_RATE_LIMIT, 1, "3600000"}, /* longer than anybody waits */
    };
    stage s;
    llmf_input in;
    llmf_request req;
    llmf_response r;
    size_t i, before;
    (void)state;
    for (i = 0; i < KIT_COUNT(cases); i++) {
        stage_open(&s, "vec", NULL);
        req = embed_request(&in, 1000);
        s.p.fail_from = 3;
        s.p.fail_count = cases[i].count;
        s.p.fail_status = cases[i].status;
        s.p.fail_header = cases[i].after;
        s.world.step = 1000000;
        assert_int_equal(llmf_generate(s.f, s.m, &req, &r), cases[i].code);
        assert_int_equal(r.error.http_status, cases[i].status);
        assert_true(kit_has(r.error.text, "llmf_input.texts "));
        assert_true(cases[i].count > 1 || kit_has(r.error.text, "texts 192 to 287"));
        assert_true(kit_is(r.error.message, "not now"));
        assert_string_equal(r.error.provider_code, "later");
        assert_null(r.output->vectors);
        assert_int_equal(s.p.count, 0); /* the others are over, too */
        before = s.p.requests;
        llmf_poll(s.f, 0);
        assert_int_equal(s.p.requests, before);
        llmf_release(s.f, &r);
        stage_close(&s);
    }
}

/* Whatever is done to the call while its batches are under way, they end with it, and nothing is written any more. */
static void embed_ends(void **state) {
    stage s;
    llmf_input in;
    llmf_request req;
    int way, after;
    (void)state;
    for (way = 0; way < 4; way++)
        for (after = 0; after < 14; after++) {
            kit_seen seen;
            llmf_call c;
            int i;
            memset(&seen, 0, sizeof seen);
            stage_open(&s, "vec", NULL);
            req = embed_request(&in, 1000);
            if (way == 2) req.timeouts.total_ms = 5;
            c = llmf_start(s.f, s.m, &req);
            assert_int_equal(llmf_poll(s.f, 0), 1);
            for (i = 1; i < after; i++) llmf_poll(s.f, 0);
            kit_take(s.f, c, &seen);
            s.p.hold = true;
            if (way == 0) {
                assert_int_equal(llmf_cancel(s.f, c), LLMF_OK);
                kit_take(s.f, c, &seen);
            } else if (way == 2) {
                s.world.now += 10000000;
                llmf_poll(s.f, 0);
                kit_take(s.f, c, &seen);
            }
            if (way == 0 || way == 2) {
                assert_int_equal(seen.finals, 1);
                assert_true(seen.code == (way == 0 ? LLMF_ERR_CANCELLED : LLMF_ERR_TIMEOUT) || seen.code == LLMF_OK);
                assert_int_equal(s.p.count, 0);
                assert_int_equal(llmf_poll(s.f, 0), 0);
            }
            if (way == 3) { /* the factory closes on all of it */
                llmf_close(s.f);
                assert_int_equal(s.p.count, 0);
                kit_drop(&s.p.url);
                kit_drop(&s.p.headers);
                kit_drop(&s.p.sent);
                kit_drop(&s.world.log);
            } else {
                llmf_free(s.f, c);
                assert_int_equal(s.p.count, 0);
                stage_close(&s);
            }
            kit_forget(&seen);
        }
}

/* Fewer calls are free than it would like: it makes do with one. */
static void embed_few_calls(void **state) {
    stage s;
    llmf_desc d;
    llmf_input in;
    llmf_request req;
    llmf_response r;
    int most;
    (void)state;
    for (most = 1; most < 5; most++) {
        memset(&d, 0, sizeof d);
        d.max_calls = most;
        stage_open(&s, "vec", &d);
        req = embed_request(&in, 500);
        llmf_generate(s.f, s.m, &req, &r);
        if (most == 1) {
            assert_int_equal(r.error.code, LLMF_ERR_LIMIT);
            assert_true(kit_has(r.error.text, "max_calls"));
        } else {
            assert_vectors(&r, 500, 3);
            assert_int_equal(s.p.most, most - 1);
        }
        llmf_release(s.f, &r);
        stage_close(&s);
    }
}

static int stop_at_once(void *user, const llmf_event *ev) {
    (*(int *)user)++;
    return ev->response ? LLMF_CONTINUE : LLMF_STOP;
}

/* Events of such a call: usage and the final one, to a callback as to llmf_next; its parts are no calls that llmf_poll or llmf_next_any know of. */
static void embed_events(void **state) {
    stage s;
    llmf_input in;
    llmf_request req;
    kit_seen seen;
    llmf_event ev;
    llmf_call c;
    int calls = 0;
    (void)state;
    stage_open(&s, "vec", NULL);
    req = embed_request(&in, 300);
    memset(&seen, 0, sizeof seen);
    c = llmf_start(s.f, s.m, &req);
    while (llmf_poll(s.f, 0) > 0)
        while (llmf_next_any(s.f, &ev)) {
            assert_true(ev.call.id == c.id);
            kit_see(&seen, &ev);
        }
    assert_int_equal(seen.finals, 1);
    assert_string_equal(kit_cstr(&seen.log), "usage\n");
    assert_vectors(&seen.response, 300, 3);
    llmf_free(s.f, c);
    kit_forget(&seen);
    req.on_event = stop_at_once;
    req.on_event_user = &calls;
    c = llmf_start(s.f, s.m, &req);
    while (llmf_poll(s.f, 0) > 0) continue;
    assert_int_equal(calls, 2);
    llmf_free(s.f, c);
    stage_close(&s);
}

/* Two of them and a chat at once. */
static void embed_together(void **state) {
    static float other[400 * 3];
    stage s;
    llmf_input in, in2;
    llmf_request req, req2;
    kit_seen a, b;
    llmf_call c, c2;
    (void)state;
    stage_open(&s, "vec", NULL);
    memset(&a, 0, sizeof a);
    memset(&b, 0, sizeof b);
    req2 = embed_request(&in2, 400);
    in2.vectors = other;
    in2.vector_cap = KIT_COUNT(other);
    req = embed_request(&in, 500);
    c = llmf_start(s.f, s.m, &req);
    c2 = llmf_start(s.f, s.m, &req2);
    assert_true(kit_run(s.f, c, &a, 10));
    assert_true(kit_run(s.f, c2, &b, 10));
    assert_vectors(&a.response, 500, 3);
    assert_vectors(&b.response, 400, 3);
    llmf_free(s.f, c);
    llmf_free(s.f, c2);
    kit_forget(&a);
    kit_forget(&b);
    stage_close(&s);
}

/* ---- memory ---- */

/* 100 vectors of 1,536 numbers, 3 MB as JSON: little of the block is taken, whatever the pieces. */
static void embed_memory(void **state) {
    static float big[100 * 1536];
    static const size_t chunks[] = {0, 16384, 1000, 1};
    stage s;
    llmf_input in;
    llmf_request req;
    llmf_response r;
    llmf_memory_info before, after;
    size_t i;
    (void)state;
    for (i = 0; i < 2 * KIT_COUNT(chunks); i++) {
        stage_open(&s, "openai:text-embedding-3-small", NULL);
        req = embed_request(&in, 100);
        in.vectors = big;
        in.vector_cap = KIT_COUNT(big);
        s.p.dimensions = 1536;
        s.p.base64 = i & 1;
        s.p.chunk = chunks[i / 2];
        llmf_memory(s.f, &before);
        llmf_generate(s.f, s.m, &req, &r);
        llmf_memory(s.f, &after);
        assert_vectors(&r, 100, 1536);
        assert_true(after.high_water < before.used + 65536);
        if (i < 2) print_message("%s: %lu bytes of the block\n", i ? "base64" : "JSON", (unsigned long)(after.high_water - before.used));
        llmf_release(s.f, &r);
        stage_close(&s);
    }
}

/* Each request to the heap refused, once and from then on: an error or success, never anything else, and all of it comes back. */
static void embed_refused(void **state) {
    stage s;
    llmf_input in;
    llmf_request req;
    llmf_response r;
    uint64_t n;
    int form;
    (void)state;
    for (form = 0; form < 8; form++) {
        stage_open(&s, "vec", NULL);
        s.p.base64 = form & 1;
        s.p.reversed = true;
        s.p.chunk = 50;
        s.world.step = 100000;
        for (n = 1; n < 400; n++) {
            llmf_memory_info info;
            uint64_t before;
            req = embed_request(&in, form & 4 ? 200 : 20);
            if (form & 2) in.vectors = NULL, in.vector_cap = 0;
            llmf_memory(s.f, &info);
            before = info.requests;
            llmf_fail_memory(s.f, n, n & 1);
            llmf_generate(s.f, s.m, &req, &r);
            llmf_fail_memory(s.f, 0, false);
            llmf_memory(s.f, &info);
            if (r.error.code == LLMF_OK) assert_vectors(&r, in.text_count, 3);
            else if (r.error.code != LLMF_ERR_MEMORY) print_error("form %d, request %lu: %s\n", form, (unsigned long)n, r.error.text);
            assert_true(r.error.code == LLMF_OK || r.error.code == LLMF_ERR_MEMORY);
            llmf_release(s.f, &r);
            assert_int_equal(kit_used(s.f), s.used);
            assert_int_equal(s.p.count, 0);
            if (info.requests - before < n) break;
        }
        assert_true(n < 400);
        stage_close(&s);
    }
}

/* ---- requests that are wrong ---- */

static void wrong_input(void **state) {
    static const float none[1];
    stage s;
    llmf_response r;
    size_t i;
    (void)state;
    for (i = 0; i < 16; i++) {
        llmf_input in;
        llmf_request req;
        llmf_part audio;
        const char *part = "", *model = "vec";
        int code = LLMF_ERR_ARGUMENT;
        memset(&audio, 0, sizeof audio);
        req = embed_request(&in, 2);
        switch (i) {
        case 0: req.op = 5, part = "llmf_request.op"; break;
        case 1: req.op = -1, part = "llmf_request.op"; break;
        case 2: req.input = NULL, part = "input.texts"; break;
        case 3: in.text_count = 0, part = "input.texts"; break;
        case 4: texts[1] = kit_str("\xff"), part = "input.texts[1]"; break;
        case 5: in.dimensions = -1, part = "input.dimensions"; break;
        case 6: in.dimensions = 4, part = "input.vector_cap"; break;
        case 7: in.vector_cap = 1, part = "input.vector_cap"; break;
        case 8: in.purpose = "fun", part = "input.purpose"; break;
        case 9: req.extra = "[1]", part = "extra"; break;
        case 10: req.op = LLMF_OP_TRANSCRIBE, part = "input.audio"; break;
        case 11: req.op = LLMF_OP_TRANSCRIBE, in.audio = &audio, part = "input.audio"; break;
        case 12: req.op = LLMF_OP_TRANSCRIBE, audio.data = none, audio.data_len = 0, in.audio = &audio, part = "input.audio.media_type"; break;
        case 13: req.op = LLMF_OP_TRANSCRIBE, audio.path = "/nowhere/a.wav", in.audio = &audio, part = "cannot be opened"; break;
        case 14: req.op = LLMF_OP_COUNT_TOKENS, code = LLMF_ERR_UNSUPPORTED, part = "these have: openai_responses anthropic gemini vertex"; break;
        default: model = "anthropic:claude-sonnet-5", code = LLMF_ERR_UNSUPPORTED, part = "anthropic has no embeddings; these have: openai"; break;
        }
        stage_open(&s, model, NULL);
        llmf_generate(s.f, s.m, &req, &r);
        if (r.error.code != code || !kit_has(r.error.text, part)) {
            print_error("case %lu: %d %s\n", (unsigned long)i, r.error.code, r.error.text);
            fail();
        }
        assert_int_equal(s.p.requests, 0);
        llmf_release(s.f, &r);
        stage_close(&s);
    }
}

/* ---- what is sent ---- */

static void preview(void **state) {
    static const struct {
        const char *model, *url, *body;
        int op;
    } cases[] = {
        {"openai:text-embedding-3-large", "/v1/embeddings", "{\"model\":\"text-embedding-3-large\",\"input\":[\"0\",\"1\"],\"dimensions\":2,\"encoding_format\":\"base64\",\"user\":\"u\",\"x\":1}", LLMF_OP_EMBED},
        {"openai:gpt-4o", "/v1/embeddings", "{\"model\":\"text-embedding-3-small\",\"input\":[\"0\",\"1\"],\"dimensions\":2,\"encoding_format\":\"base64\",\"user\":\"u\",\"x\":1}", LLMF_OP_EMBED},
        {"mistral:mistral-embed", "/v1/embeddings", "{\"model\":\"mistral-embed\",\"input\":[\"0\",\"1\"],\"output_dimension\":2,\"x\":1}", LLMF_OP_EMBED},
        {"voyage:voyage-3.5", "/v1/embeddings",
         "{\"model\":\"voyage-3.5\",\"input\":[\"0\",\"1\"],\"output_dimension\":2,\"encoding_format\":\"base64\",\"input_type\":\"query\",\"user\":\"u\",\"x\":1}", LLMF_OP_EMBED},
        {"ollama:nomic", "/api/embed", "{\"model\":\"nomic\",\"input\":[\"0\",\"1\"],\"dimensions\":2,\"x\":1}", LLMF_OP_EMBED},
        {"cohere:embed-v4.0", "/v2/embed",
         "{\"model\":\"embed-v4.0\",\"input_type\":\"search_query\",\"embedding_types\":[\"float\"],\"texts\":[\"0\",\"1\"],\"output_dimension\":2,\"x\":1}", LLMF_OP_EMBED},
        {"gemini:gemini-embedding-001", "/v1/models/gemini-embedding-001:batchEmbedContents",
         "{\"requests\":[{\"model\":\"models/gemini-embedding-001\",\"content\":{\"parts\":[{\"text\":\"0\"}]},\"taskType\":\"RETRIEVAL_QUERY\",\"outputDimensionality\":2,\"x\":1},"
         "{\"model\":\"models/gemini-embedding-001\",\"content\":{\"parts\":[{\"text\":\"1\"}]},\"taskType\":\"RETRIEVAL_QUERY\",\"outputDimensionality\":2,\"x\":1}]}", LLMF_OP_EMBED},
        {"anthropic:claude-sonnet-5", "/v1/models?limit=1000&after_id=p%2F1", "", LLMF_OP_LIST_MODELS},
        {"gemini:g", "/v1/models?pageSize=1000&pageToken=p%2F1", "", LLMF_OP_LIST_MODELS},
        {"groq:x", "/v1/models", "", LLMF_OP_LIST_MODELS},
        {"perplexity:sonar", "/v2/list", "", LLMF_OP_LIST_MODELS}, /* the key models_path: in place of the table's, and of the dialect's */
        {"own:x", "/all?x=1", "", LLMF_OP_LIST_MODELS},
        {"ollama:nomic", "/api/tags", "", LLMF_OP_LIST_MODELS},
        {"anthropic:claude-sonnet-5", "/v1/messages/count_tokens",
         "{\"model\":\"claude-sonnet-5\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"Hi\"}]}],\"x\":1}", LLMF_OP_COUNT_TOKENS},
        {"gemini:gemini-2.5-flash", ":countTokens",
         "{\"generateContentRequest\":{\"model\":\"models/gemini-2.5-flash\",\"generationConfig\":{},\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"Hi\"}]}],\"x\":1}}", LLMF_OP_COUNT_TOKENS},
        {"openai_responses:gpt-5", "/v1/responses/input_tokens", "{\"model\":\"gpt-5\",\"input\":[{\"role\":\"user\",\"content\":\"Hi\"}],\"x\":1}", LLMF_OP_COUNT_TOKENS},
    };
    stage s;
    size_t i;
    (void)state;
    for (i = 0; i < KIT_COUNT(cases); i++) {
        llmf_input in;
        llmf_request req;
        llmf_preview p;
        char url[256];
        stage_open(&s, cases[i].model, NULL);
        req = embed_request(&in, 2);
        req.op = cases[i].op;
        in.dimensions = 2;
        in.purpose = "query";
        in.page = "p/1";
        req.prompt = "Hi";
        req.max_tokens = 9;
        req.temperature = 0.5;
        req.user = "u";
        req.extra = "{\"x\":1}";
        assert_int_equal(llmf_preview_request(s.f, s.m, &req, &p), LLMF_OK);
        snprintf(url, sizeof url, "%.*s", (int)p.url.len, p.url.ptr);
        if (!kit_is(p.body, cases[i].body) || !kit_has(url, cases[i].url) || strlen(strstr(url, cases[i].url)) != strlen(cases[i].url)) {
            print_error("%s: %s\n%.*s\n", cases[i].model, url, (int)p.body.len, p.body.ptr);
            fail();
        }
        assert_true(kit_is(p.method, cases[i].op == LLMF_OP_LIST_MODELS ? "GET" : "POST"));
        llmf_free(s.f, p.call);
        stage_close(&s);
    }
}

/* Of more texts than fit one request the first is shown. */
static void preview_first(void **state) {
    stage s;
    llmf_input in;
    llmf_request req = embed_request(&in, 100);
    llmf_preview p;
    size_t i, n = 0;
    (void)state;
    stage_open(&s, "vec", NULL);
    assert_int_equal(llmf_preview_request(s.f, s.m, &req, &p), LLMF_OK);
    for (i = 0; i < p.body.len; i++) n += p.body.ptr[i] == ',';
    assert_int_equal(n, 96); /* 95 between the texts, one before them */
    llmf_free(s.f, p.call);
    stage_close(&s);
}

/* ---- transcription ---- */

/* The form that was sent, its boundary put aside; NULL where it is none. */
static const char *form_of(provider *p) {
    static char text[8192];
    char boundary[80];
    const char *at = strstr(p->headers.ptr, "boundary=");
    size_t i, n, len = 0;
    if (!at || sscanf(at + 9, "%79s", boundary) != 1) return NULL;
    n = strlen(boundary);
    for (i = 0; i < p->sent.len && len < sizeof text - 1; i++) {
        if (p->sent.len - i >= n && memcmp(p->sent.ptr + i, boundary, n) == 0) {
            text[len++] = '#';
            i += n - 1;
        } else if (p->sent.ptr[i] != '\r') {
            text[len++] = p->sent.ptr[i] ? p->sent.ptr[i] : '0';
        }
    }
    text[len] = '\0';
    return text;
}

#define FILE_PART "--#\nContent-Disposition: form-data; name=\"file\"; filename=\"%s\"\nContent-Type: audio/wav\n\nRIFF0000WAVE\n--#--\n"

static void transcribe(void **state) {
    const char *json = "{\"text\":\"Hello \\u00e9\",\"language\":\"english\",\"duration\":3.5,\"segments\":[{\"id\":0,\"start\":0,\"end\":1.5,\"text\":\"Hello\",\"tokens\":[1,2]},"
                       "{\"start\":1.5,\"end\":3.5,\"text\":\" \\u00e9\",\"speaker\":\"A\"}],\"usage\":{\"type\":\"tokens\",\"input_tokens\":7,\"output_tokens\":2}}";
    stage s;
    char path[] = "/tmp/llmf-ops-XXXXXX.wav", expected[1024];
    int fd = mkstemps(path, 4), form;
    (void)state;
    assert_true(fd >= 0 && write(fd, "RIFF\0\0\0\0WAVE", 12) == 12);
    close(fd);
    for (form = 0; form < 4; form++) {
        llmf_input in;
        llmf_request req;
        llmf_response r;
        llmf_part audio;
        memset(&in, 0, sizeof in);
        memset(&req, 0, sizeof req);
        memset(&audio, 0, sizeof audio);
        stage_open(&s, "openai:whisper-1", NULL);
        req.op = LLMF_OP_TRANSCRIBE;
        req.input = &in;
        in.audio = &audio;
        if (form & 1) {
            audio.path = path;
        } else {
            audio.data = "RIFF\0\0\0\0WAVE";
            audio.data_len = 12;
        }
        audio.name = form & 1 ? NULL : "a\"b\n.wav";
        s.p.only = json;
        s.p.chunk = form & 2 ? 1 : 0;
        if (form & 2) {
            in.segments = true;
            in.language = "en";
            req.prompt = "Names: \xc3\x89va";
            req.temperature = 0.2;
            req.extra = "{\"include\":[\"logprobs\",1],\"on\":true,\"none\":null,\"language\":\"fr\"}";
        }
        llmf_generate(s.f, s.m, &req, &r);
        if (r.error.code) print_error("%s\n", r.error.text);
        assert_int_equal(r.error.code, LLMF_OK);
        assert_true(kit_is(r.text, "Hello \xc3\xa9"));
        assert_true(kit_is(r.output->language, "english"));
        assert_true(r.output->duration == 3.5);
        assert_int_equal(r.output->segment_count, 2);
        assert_true(r.output->segments[0].start == 0 && r.output->segments[0].end == 1.5 && kit_is(r.output->segments[0].text, "Hello"));
        assert_true(r.output->segments[0].speaker.len == 0 && kit_is(r.output->segments[1].speaker, "A") && kit_is(r.output->segments[1].text, " \xc3\xa9"));
        assert_int_equal(r.usage.input, 7);
        assert_int_equal(r.usage.output, 2);
        snprintf(expected, sizeof expected,
                 "--#\nContent-Disposition: form-data; name=\"model\"\n\nwhisper-1\n%s" FILE_PART,
                 form & 2 ? "--#\nContent-Disposition: form-data; name=\"prompt\"\n\nNames: \xc3\x89va\n--#\nContent-Disposition: form-data; name=\"response_format\"\n\nverbose_json\n"
                            "--#\nContent-Disposition: form-data; name=\"temperature\"\n\n0.2\n--#\nContent-Disposition: form-data; name=\"include[]\"\n\nlogprobs\n"
                            "--#\nContent-Disposition: form-data; name=\"include[]\"\n\n1\n--#\nContent-Disposition: form-data; name=\"on\"\n\ntrue\n"
                            "--#\nContent-Disposition: form-data; name=\"language\"\n\nfr\n" : "",
                 form & 1 ? strrchr(path, '/') + 1 : "a%22b%0A.wav");
        assert_string_equal(form_of(&s.p), expected);
        assert_true(kit_has(s.p.url.ptr, "/v1/audio/transcriptions"));
        llmf_release(s.f, &r);
        stage_close(&s);
    }
    unlink(path);
}

/* As plain text; as a stream; as JSON instead of a stream; and what is none of them. */
static void transcribe_forms(void **state) {
    static const struct {
        const char *format, *body, *text, *events;
        bool stream;
        int code;
    } cases[] = {
        {"text", " Hello\n", " Hello\n", "text  Hello\n\n", false, LLMF_OK},
        {"text", "{\"error\":{\"message\":\"no\"}}", "", "", false, LLMF_ERR_SERVER},
        {NULL, "data: {\"type\":\"transcript.text.delta\",\"delta\":\"Hel\"}\n\ndata: {\"type\":\"transcript.text.delta\",\"delta\":\"lo\"}\n\n"
               "data: {\"type\":\"transcript.text.done\",\"text\":\"Hello\",\"usage\":{\"input_tokens\":3,\"output_tokens\":1}}\n\ndata: [DONE]\n\n",
         "Hello", "text Hel\ntext lo\nusage\n", true, LLMF_OK},
        {NULL, "data: {\"type\":\"transcript.text.segment\",\"text\":\" Hello\",\"speaker\":\"A\",\"start\":0.5,\"end\":3.25}\n\ndata: {\"type\":\"transcript.text.done\",\"text\":\"Hello\"}\n\n",
         "Hello", "text Hello\n", true, LLMF_OK},
        {NULL, "data: {\"type\":\"transcript.text.delta\",\"delta\":\"Hel\"}\n\n", "Hel", "text Hel\n", true, LLMF_ERR_TRUNCATED},
        {NULL, "data: {\"type\":\"transcript.text.delta\",\"delta\":\"Hel\"}\n\ndata: {\"type\":\"error\",\"error\":{\"message\":\"busy\",\"code\":\"rate_limit_exceeded\"}}\n\n", "Hel",
         "text Hel\n", true, LLMF_ERR_RATE_LIMIT},
        {NULL, "{\"text\":\"Hello\"}", "Hello", "text Hello\n", true, LLMF_OK},
        {NULL, "{\"text\":null}", "", "", false, LLMF_ERR_PROTOCOL},
        {NULL, "{\"text\":\"\"}", "", "", false, LLMF_OK},
    };
    stage s;
    size_t i;
    (void)state;
    for (i = 0; i < 2 * KIT_COUNT(cases); i++) {
        llmf_input in;
        llmf_request req;
        llmf_part audio;
        kit_seen seen;
        llmf_call c;
        memset(&in, 0, sizeof in);
        memset(&req, 0, sizeof req);
        memset(&audio, 0, sizeof audio);
        memset(&seen, 0, sizeof seen);
        stage_open(&s, "groq:whisper-large-v3", NULL);
        req.op = LLMF_OP_TRANSCRIBE;
        req.input = &in;
        in.audio = &audio;
        audio.data = "x";
        audio.data_len = 1;
        audio.media_type = "audio/mpeg";
        req.format = cases[i / 2].format;
        req.stream = cases[i / 2].stream;
        s.p.only = cases[i / 2].body;
        s.p.chunk = i & 1;
        c = llmf_start(s.f, s.m, &req);
        assert_true(kit_run(s.f, c, &seen, 10));
        if (seen.code != cases[i / 2].code || !kit_is(seen.response.text, cases[i / 2].text)) {
            print_error("%s: %d %s\n", cases[i / 2].body, seen.code, seen.error);
            fail();
        }
        if (!(i & 1)) assert_string_equal(kit_cstr(&seen.log), cases[i / 2].events);
        assert_true(kit_has(form_of(&s.p), "filename=\"audio.mp3\""));
        assert_int_equal(kit_has(form_of(&s.p), "name=\"stream\""), req.stream);
        assert_int_equal(kit_has(form_of(&s.p), "name=\"response_format\"\n\ntext"), req.format != NULL);
        if (cases[i / 2].stream && kit_has(cases[i / 2].body, "segment")) {
            assert_int_equal(seen.response.output->segment_count, 1);
            assert_true(seen.response.output->segments[0].start == 0.5 && kit_is(seen.response.output->segments[0].speaker, "A"));
        }
        llmf_free(s.f, c);
        kit_forget(&seen);
        stage_close(&s);
    }
}

/* A file larger than the block goes out all the same; one that shrinks meanwhile ends the call. */
static void transcribe_file(void **state) {
    stage s;
    llmf_desc d;
    llmf_input in;
    llmf_request req;
    llmf_response r;
    llmf_part audio;
    char path[] = "/tmp/llmf-ops-XXXXXX.wav";
    static char block[4 << 20];
    int fd = mkstemps(path, 4);
    size_t i;
    const char *at;
    (void)state;
    memset(&d, 0, sizeof d);
    memset(&in, 0, sizeof in);
    memset(&req, 0, sizeof req);
    memset(&audio, 0, sizeof audio);
    for (i = 0; i < sizeof block; i++) block[i] = (char)(i * 2654435761u >> 13);
    memcpy(block, "RIFF\0\0\0\0WAVE", 12);
    assert_true(fd >= 0 && write(fd, block, sizeof block) == (ssize_t)sizeof block);
    d.memory_size = 1 << 20;
    stage_open(&s, "openai:whisper-1", &d);
    req.op = LLMF_OP_TRANSCRIBE;
    req.input = &in;
    in.audio = &audio;
    audio.path = path;
    s.p.only = "{\"text\":\"ok\"}";
    assert_int_equal(llmf_generate(s.f, s.m, &req, &r), LLMF_OK);
    llmf_release(s.f, &r);
    for (at = s.p.sent.ptr; at + 4 < s.p.sent.ptr + s.p.sent.len && memcmp(at, "RIFF", 4) != 0; at++) continue;
    assert_true((size_t)(at - s.p.sent.ptr) + sizeof block < s.p.sent.len && memcmp(at, block, sizeof block) == 0);
    assert_true(kit_used(s.f) == s.used);
    {
        llmf_call c;
        char bytes[4096];
        llmf_exchange *x;
        s.p.hold = true;
        c = llmf_start(s.f, s.m, &req);
        llmf_poll(s.f, 0); /* the test's transport has read it all now; so it is read again, from a file that is shorter */
        assert_int_equal(s.p.count, 1);
        x = s.p.waiting[0].x;
        assert_int_equal(ftruncate(fd, 100000), 0);
        llmf_exchange_rewind(x);
        for (i = 0; llmf_exchange_read(x, bytes, sizeof bytes) == sizeof bytes; i++) continue;
        assert_true(i < 100000 / 4096 + 2);
        llmf_poll(s.f, 0);
        {
            kit_seen seen;
            memset(&seen, 0, sizeof seen);
            kit_take(s.f, c, &seen);
            assert_int_equal(seen.code, LLMF_ERR_ARGUMENT);
            assert_true(kit_has(seen.error, "input.audio.path"));
            kit_forget(&seen);
        }
        llmf_free(s.f, c);
    }
    close(fd);
    unlink(path);
    stage_close(&s);
}

/* ---- counts and lists ---- */

static void counts_and_lists(void **state) {
    static const struct {
        const char *model, *body, *models, *next;
        int op, code;
        int64_t tokens;
    } cases[] = {
        {"anthropic:claude-sonnet-5", "{\"input_tokens\":588}", "", "", LLMF_OP_COUNT_TOKENS, LLMF_OK, 588},
        {"gemini:gemini-2.5-flash", "{\n \"totalTokens\": 12,\n \"promptTokensDetails\": [{\"tokenCount\":12}]}", "", "", LLMF_OP_COUNT_TOKENS, LLMF_OK, 12},
        {"openai_responses:gpt-5", "{\"object\":\"response.input_tokens\",\"input_tokens\":11}", "", "", LLMF_OP_COUNT_TOKENS, LLMF_OK, 11},
        {"openai_responses:gpt-5", "{\"object\":\"response.input_tokens\"}", "", "", LLMF_OP_COUNT_TOKENS, LLMF_ERR_PROTOCOL, 0},
        {"openai_responses:gpt-5", "{\"input_tokens\":null}", "", "", LLMF_OP_COUNT_TOKENS, LLMF_ERR_PROTOCOL, 0},
        {"openai:x", "{\"object\":\"list\",\"data\":[{\"id\":\"a\",\"permission\":[{\"id\":\"p\"}]},{\"id\":\"b\"}]}", "a b ", "", LLMF_OP_LIST_MODELS, LLMF_OK, LLMF_UNKNOWN},
        {"openai:x", "{\"object\":\"list\",\"data\":[]}", "", "", LLMF_OP_LIST_MODELS, LLMF_OK, LLMF_UNKNOWN},
        {"together:x", "[{\"id\":\"a/b\",\"object\":\"model\"}]", "a/b ", "", LLMF_OP_LIST_MODELS, LLMF_OK, LLMF_UNKNOWN},
        {"openai:x", "{\"id\":\"a\",\"object\":\"model\"}", "", "", LLMF_OP_LIST_MODELS, LLMF_ERR_PROTOCOL, LLMF_UNKNOWN},
        {"anthropic:x", "{\"data\":[{\"type\":\"model\",\"id\":\"c-1\",\"display_name\":\"C\"}],\"has_more\":true,\"first_id\":\"c-1\",\"last_id\":\"c-1\"}", "c-1 ", "c-1", LLMF_OP_LIST_MODELS,
         LLMF_OK, LLMF_UNKNOWN},
        {"anthropic:x", "{\"data\":[{\"id\":\"c-1\"}],\"has_more\":false,\"last_id\":\"c-1\"}", "c-1 ", "", LLMF_OP_LIST_MODELS, LLMF_OK, LLMF_UNKNOWN},
        {"gemini:x", "{\"models\":[{\"name\":\"models/g-1\"},{\"name\":\"models/g\\u002d2\"}],\"nextPageToken\":\"Ch9\"}", "g-1 g-2 ", "Ch9", LLMF_OP_LIST_MODELS, LLMF_OK, LLMF_UNKNOWN},
        {"ollama:x", "{\"models\":[{\"name\":\"l:latest\",\"model\":\"l:latest\",\"details\":{\"family\":\"l\"}}]}", "l:latest ", "", LLMF_OP_LIST_MODELS, LLMF_OK, LLMF_UNKNOWN},
        {"cohere:x", "{\"models\":[{\"name\":\"command-r\"}],\"next_page_token\":\"t\"}", "command-r ", "t", LLMF_OP_LIST_MODELS, LLMF_OK, LLMF_UNKNOWN},
    };
    stage s;
    size_t i, k;
    (void)state;
    for (i = 0; i < 2 * KIT_COUNT(cases); i++) {
        llmf_request req;
        llmf_response r;
        kit_text got = {NULL, 0, 0};
        memset(&req, 0, sizeof req);
        stage_open(&s, cases[i / 2].model, NULL);
        req.op = cases[i / 2].op;
        req.prompt = "Hi";
        s.p.only = cases[i / 2].body;
        s.p.chunk = i & 1;
        llmf_generate(s.f, s.m, &req, &r);
        if (r.error.code != cases[i / 2].code) {
            print_error("%s: %s\n", cases[i / 2].body, r.error.text);
            fail();
        }
        if (!r.error.code) assert_int_equal(r.output->tokens, cases[i / 2].tokens);
        for (k = 0; k < r.output->model_count; k++) {
            kit_add(&got, r.output->models[k].ptr, r.output->models[k].len);
            kit_adds(&got, " ");
        }
        assert_string_equal(kit_cstr(&got), cases[i / 2].models);
        if (!r.error.code) assert_true(kit_is(r.output->next_page, cases[i / 2].next));
        kit_drop(&got);
        llmf_release(s.f, &r);
        stage_close(&s);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(embed_one),     cmocka_unit_test(embed_room),       cmocka_unit_test(embed_wrong),      cmocka_unit_test(embed_cuts),
        cmocka_unit_test(embed_batches), cmocka_unit_test(embed_repeat),     cmocka_unit_test(embed_fails),      cmocka_unit_test(embed_ends),
        cmocka_unit_test(embed_few_calls), cmocka_unit_test(embed_events),   cmocka_unit_test(embed_together),   cmocka_unit_test(embed_memory),
        cmocka_unit_test(embed_refused), cmocka_unit_test(wrong_input),      cmocka_unit_test(preview),          cmocka_unit_test(preview_first),
        cmocka_unit_test(transcribe),    cmocka_unit_test(transcribe_forms), cmocka_unit_test(transcribe_file),  cmocka_unit_test(counts_and_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
