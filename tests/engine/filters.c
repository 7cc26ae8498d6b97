/* Filters: what they see of a request and may change in it, how the text of an answer goes through them however it comes in pieces, and what ends a call. */
#include "kit.h"

/* ---- a transport that keeps what was sent, and answers with a text in two pieces ---- */

typedef struct wire {
    llmf_exchange *x;
    llmf_transport t;
    const char *body;
    size_t len, first, at;         /* first: bytes of the first piece */
    kit_text sent;
    int requests;
} wire;

static int wire_start(void *user, llmf_exchange *x, const llmf_http_request *req) {
    wire *w = (wire *)user;
    char block[100];
    size_t n;
    (void)req;
    w->x = x;
    w->at = 0;
    w->requests++;
    w->sent.len = 0;
    while ((n = llmf_exchange_read(x, block, sizeof block)) > 0) kit_add(&w->sent, block, n);
    return LLMF_OK;
}

static void wire_cancel(void *user, llmf_exchange *x) {
    (void)x;
    ((wire *)user)->x = NULL;
}

static void wire_poll(void *user, int timeout_ms) {
    wire *w = (wire *)user;
    size_t end = w->at < w->first ? w->first : w->len, taken;
    (void)timeout_ms;
    if (!w->x) return;
    if (w->at == 0) llmf_exchange_status(w->x, 200);
    if (w->at < w->len) {
        taken = llmf_exchange_data(w->x, w->body + w->at, end - w->at);
        w->at += taken;
    } else {
        llmf_exchange *x = w->x;
        w->x = NULL;
        llmf_exchange_end(x, LLMF_OK, NULL);
    }
}

/* ---- a factory with filters on it ---- */

typedef struct stage {
    kit_world w;
    llmf_desc d;
    llmf_factory *f;
    llmf_model m;
    wire wire;
    llmf_filter filters[4];
} stage;

static void stage_desc(stage *s, size_t count) {
    memset(s, 0, sizeof *s);
    s->d = kit_desc(&s->w);
    s->d.api_key = "sk-filters-0123456789";
    s->wire.t.user = &s->wire;
    s->wire.t.start = wire_start;
    s->wire.t.cancel = wire_cancel;
    s->wire.t.poll = wire_poll;
    s->d.custom_transport = &s->wire.t;
    s->d.filters = s->filters;
    s->d.filter_count = count;
    s->d.log = NULL;
}

static void stage_open(stage *s, const char *model) {
    llmf_error err;
    s->f = llmf_open(&s->d, &err);
    if (!s->f) fail_msg("%s", err.text);
    s->m = llmf_get(s->f, model, &err);
    if (!s->m.id) fail_msg("%s", err.text);
}

static void stage_close(stage *s) {
    llmf_close(s->f);
    kit_drop(&s->w.log);
    kit_drop(&s->wire.sent);
}

static void say(stage *s, const char *body) {
    s->wire.body = body;
    s->wire.len = strlen(body);
    s->wire.first = 0;
}

static llmf_request request(const char *prompt) {
    llmf_request r;
    memset(&r, 0, sizeof r);
    r.prompt = prompt;
    r.stream = true;
    return r;
}

#define PLAIN(text) "{\"model\":\"m-1\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"" text "\"},\"finish_reason\":\"stop\"}]}"

/* One call to its end; what it gave is in *seen, whose texts must be those of the response. Views of the response are gone. */
static int ask(stage *s, const llmf_request *req, kit_seen *seen) {
    llmf_call c = llmf_start(s->f, s->m, req);
    const llmf_response *r = &seen->response;
    kit_forget(seen);
    assert_true(c.id != 0);
    assert_true(kit_run(s->f, c, seen, 10));
    if (!(req->flags & LLMF_DISCARD_TEXT)) {
        assert_true(r->text.len == seen->text.len && memcmp(r->text.ptr, kit_cstr(&seen->text), r->text.len) == 0 && !r->text.ptr[r->text.len]);
        assert_true(r->reasoning.len == seen->reasoning.len && memcmp(r->reasoning.ptr, kit_cstr(&seen->reasoning), r->reasoning.len) == 0);
    }
    llmf_free(s->f, c);
    return seen->code;
}

/* ---- before ---- */

typedef struct looked {
    int runs, refuse;
    llmf_str content;
    char seen[256], system[64];
    const char *message, *system_to, *part_to;
    size_t index, part;
    bool made;                     /* what the writer's function returned */
} looked;

static int look(void *user, llmf_filter_writer *w, const llmf_request *req) {
    looked *l = (looked *)user;
    l->runs++;
    if (req->op == LLMF_OP_CHAT) {
        assert_true(req->prompt == NULL && req->message_count >= 1);
        snprintf(l->seen, sizeof l->seen, "%.*s", (int)req->messages[0].content_len, req->messages[0].content);
        snprintf(l->system, sizeof l->system, "%.*s", (int)req->system_len, req->system ? req->system : "");
    }
    if (l->message) l->made = llmf_filter_message(w, l->index, l->part, kit_str(l->message));
    if (l->system_to) l->made = llmf_filter_system(w, kit_str(l->system_to));
    if (l->refuse) llmf_filter_reason(w, "names are not sent");
    return l->refuse;
}

static void before_changes(void **state) {
    static const char config[] = "models: {m: {provider: openai, model_id: x, prompt_prefix: \"<\", prompt_suffix: \">\", base_url: \"https://a.example\"}}";
    looked one, two;
    llmf_request req = request("my name is Ann");
    llmf_part parts[2];
    llmf_message message;
    kit_seen seen;
    stage s;
    (void)state;
    memset(&one, 0, sizeof one), memset(&two, 0, sizeof two), memset(&seen, 0, sizeof seen);
    stage_desc(&s, 2);
    s.d.config_text = config;
    s.filters[0].before = s.filters[1].before = look;
    s.filters[0].user = &one;
    s.filters[1].user = &two;
    stage_open(&s, "m");
    say(&s, KIT_STORY);
    assert_int_equal(ask(&s, &req, &seen), LLMF_OK);
    assert_true(s.f->calls == NULL && one.runs == 1 && two.runs == 1);
    assert_string_equal(one.seen, "<my name is Ann>");
    assert_true(kit_has(s.wire.sent.ptr, "\"<my name is Ann>\""));

    one.message = "my name is \"X\"";
    one.system_to = "be kind";
    assert_int_equal(ask(&s, &req, &seen), LLMF_OK);
    assert_string_equal(two.seen, one.message); /* the next one sees it changed */
    assert_string_equal(two.system, "be kind");
    assert_true(kit_has(s.wire.sent.ptr, "my name is \\\"X\\\"") && kit_has(s.wire.sent.ptr, "be kind") && !kit_has(s.wire.sent.ptr, "Ann"));
    assert_string_equal(req.prompt, "my name is Ann");

    req.flags = LLMF_BORROW; /* texts that are not ours stay as they are */
    req.system = "be terse";
    one.message = "";
    assert_int_equal(ask(&s, &req, &seen), LLMF_OK);
    assert_string_equal(two.seen, "");
    assert_string_equal(one.system, "be terse");
    assert_true(kit_has(s.wire.sent.ptr, "be kind") && !kit_has(s.wire.sent.ptr, "terse"));

    memset(parts, 0, sizeof parts), memset(&message, 0, sizeof message);
    parts[0].text = "Ann's part";
    parts[1].type = LLMF_PART_IMAGE;
    parts[1].url = "https://a.example/a.png";
    message.parts = parts;
    message.part_count = 2;
    req = request(NULL);
    req.messages = &message;
    req.message_count = 1;
    one.message = "X's part";
    one.part = 1;
    assert_int_equal(ask(&s, &req, &seen), LLMF_OK);
    assert_true(one.made && kit_has(s.wire.sent.ptr, "X's part") && !kit_has(s.wire.sent.ptr, "Ann"));
    one.part = 2; /* an image is no text */
    one.system_to = NULL;
    assert_int_equal(ask(&s, &req, &seen), LLMF_ERR_ARGUMENT);
    assert_true(!one.made && kit_has(seen.error, "llmf_filter_message"));
    kit_forget(&seen);
    stage_close(&s);
}

/* Nothing is sent, the filters behind are not asked, and the error says who and why. */
static void before_refuses(void **state) {
    static const llmf_str texts[] = {{"Ann", 3}};
    looked one, two;
    llmf_request req = request("my name is Ann");
    llmf_preview p;
    llmf_input in;
    kit_seen seen;
    stage s;
    int answer;
    (void)state;
    memset(&one, 0, sizeof one), memset(&two, 0, sizeof two), memset(&seen, 0, sizeof seen), memset(&in, 0, sizeof in);
    stage_desc(&s, 2);
    s.filters[0].before = s.filters[1].before = look;
    s.filters[0].user = &one;
    s.filters[1].user = &two;
    s.filters[0].name = "names";
    stage_open(&s, "openai:gpt-4o");
    for (answer = LLMF_FILTER_HOLD; answer < 4; answer++) { /* whatever is not PASS refuses */
        one.refuse = answer;
        assert_int_equal(ask(&s, &req, &seen), LLMF_ERR_CONTENT_FILTER);
        assert_string_equal(seen.error, "filter names: names are not sent");
        assert_true(seen.response.error.http_status == 0 && seen.events == 1);
    }
    assert_true(s.wire.requests == 0 && two.runs == 0);
    assert_int_equal(llmf_preview_request(s.f, s.m, &req, &p), LLMF_ERR_CONTENT_FILTER);
    llmf_free(s.f, p.call);
    req.op = LLMF_OP_COUNT_TOKENS;
    s.m = llmf_get(s.f, "anthropic:claude-sonnet-5", NULL);
    assert_int_equal(ask(&s, &req, &seen), LLMF_ERR_CONTENT_FILTER);
    in.texts = texts;
    in.text_count = 1;
    req.op = LLMF_OP_EMBED;
    req.input = &in;
    s.m = llmf_get(s.f, "openai:text-embedding-3-small", NULL);
    assert_int_equal(ask(&s, &req, &seen), LLMF_ERR_CONTENT_FILTER);
    one.refuse = 0;
    one.message = "x"; /* there are no messages to change */
    assert_int_equal(ask(&s, &req, &seen), LLMF_ERR_ARGUMENT);
    assert_true(!one.made && kit_has(seen.error, "llmf_filter_message"));
    one.message = NULL;
    one.system_to = "x";
    assert_int_equal(ask(&s, &req, &seen), LLMF_ERR_ARGUMENT);
    assert_int_equal(s.wire.requests, 0);
    kit_forget(&seen);
    stage_close(&s);
}

static int write_into_request(void *user, llmf_filter_writer *w, const llmf_request *req) {
    (void)user, (void)req;
    return llmf_filter_write(w, kit_str("x")) ? LLMF_FILTER_STOP : LLMF_FILTER_PASS;
}

static void before_misused(void **state) {
    looked one;
    llmf_request req = request("a");
    llmf_error err;
    kit_seen seen;
    stage s;
    (void)state;
    memset(&one, 0, sizeof one), memset(&seen, 0, sizeof seen);
    stage_desc(&s, 1);
    s.filters[0].before = look;
    s.filters[0].user = &one;
    stage_open(&s, "openai:gpt-4o");
    one.message = "\xff";
    assert_int_equal(ask(&s, &req, &seen), LLMF_ERR_ARGUMENT);
    assert_true(kit_has(seen.error, "UTF-8"));
    one.message = "x";
    one.index = 1;
    assert_int_equal(ask(&s, &req, &seen), LLMF_ERR_ARGUMENT);
    one.index = 0;
    one.part = 1;
    assert_int_equal(ask(&s, &req, &seen), LLMF_ERR_ARGUMENT);
    one.part = (size_t)-1;
    assert_int_equal(ask(&s, &req, &seen), LLMF_ERR_ARGUMENT);
    s.filters[0].before = write_into_request;
    assert_int_equal(ask(&s, &req, &seen), LLMF_ERR_ARGUMENT);
    assert_true(kit_has(seen.error, "llmf_filter_write"));
    assert_int_equal(s.wire.requests, 0);
    kit_forget(&seen);
    stage_close(&s);
    s.d.filters = NULL;
    assert_null(llmf_open(&s.d, &err));
    assert_true(err.code == LLMF_ERR_ARGUMENT && kit_has(err.text, "filters"));
}

static void a_preview_shows_it_changed(void **state) {
    looked one;
    llmf_request req = request("my name is Ann");
    llmf_preview p;
    stage s;
    (void)state;
    memset(&one, 0, sizeof one);
    stage_desc(&s, 1);
    one.message = "my name is X";
    s.filters[0].before = look;
    s.filters[0].user = &one;
    stage_open(&s, "openai:gpt-4o");
    assert_int_equal(llmf_preview_request(s.f, s.m, &req, &p), LLMF_OK);
    assert_true(p.body.len && strstr(p.body.ptr, "my name is X") != NULL);
    llmf_free(s.f, p.call);
    stage_close(&s);
}

/* ---- pieces ---- */

/* How a filter treats a word: it must be found whole, wherever the pieces end. */
enum { MASKS, REFUSES, DROPS };
typedef struct guard {
    const char *word;
    int does;
    llmf_factory *f;
    int runs, held, lasts;
    bool outside;                  /* it ran outside of llmf_poll */
    int type;                      /* only this one; 0: all */
} guard;

static bool polling;

/* The end of the text may be the beginning of the word. */
static bool begun(llmf_str text, const char *word) {
    size_t n, most = strlen(word) - 1;
    for (n = text.len < most ? text.len : most; n; n--)
        if (memcmp(text.ptr + text.len - n, word, n) == 0) return true;
    return false;
}

static int guard_piece(void *user, llmf_filter_writer *w, const llmf_event *ev, bool last) {
    guard *g = (guard *)user;
    llmf_str text = ev->text;
    size_t n = strlen(g->word), i;
    bool found = false;
    g->runs++;
    g->lasts += last;
    if (!polling) g->outside = true;
    if (g->type && ev->type != g->type) return LLMF_FILTER_PASS;
    if (!last && begun(text, g->word)) {
        g->held++;
        (void)llmf_filter_write(w, kit_str("never seen")); /* of what is held nothing comes */
        return LLMF_FILTER_HOLD;
    }
    for (i = 0; i + n <= text.len; i++)
        if (memcmp(text.ptr + i, g->word, n) == 0) {
            found = true;
            if (g->does == REFUSES) {
                llmf_filter_reason(w, "a word");
                return LLMF_FILTER_STOP;
            }
            if (!llmf_filter_write(w, llmfi_str(text.ptr, i)) || (g->does == MASKS && !llmf_filter_write(w, kit_str("***")))) return LLMF_FILTER_STOP;
            text = llmfi_from(text, i + n);
            i = (size_t)-1;
        }
    if (found && !llmf_filter_write(w, text)) return LLMF_FILTER_STOP;
    return LLMF_FILTER_PASS;
}

static int run_polling(stage *s, const llmf_request *req, kit_seen *seen) {
    int code;
    polling = true;
    code = ask(s, req, seen);
    polling = false;
    return code;
}

/* A stream whose text is `text` in two events. */
static void two_events(kit_text *body, const char *text, size_t at) {
    body->len = 0;
    kit_addf(body, "data: {\"choices\":[{\"delta\":{\"content\":\"%.*s\"}}]}\n\n", (int)at, text);
    kit_addf(body, "data: {\"choices\":[{\"delta\":{\"content\":\"%s\"}}]}\n\n", text + at);
    kit_adds(body, KIT_FINISH("stop") KIT_USAGE KIT_DONE);
}

/* A word is found wherever the text is cut into events, and the events into bytes. */
static void at_every_split(void **state) {
    static const char text[] = "the secret and the secsecret, not the secrecy";
    static const struct {
        int does;
        const char *want;
    } ways[] = {{MASKS, "the *** and the sec***, not the secrecy"}, {DROPS, "the  and the sec, not the secrecy"}, {REFUSES, NULL}};
    llmf_request req = request("a");
    kit_text body = {NULL, 0, 0};
    kit_seen seen;
    guard g;
    stage s;
    size_t i, at, cut, calls = 0;
    (void)state;
    memset(&seen, 0, sizeof seen);
    for (i = 0; i < KIT_COUNT(ways); i++) {
        stage_desc(&s, 1);
        memset(&g, 0, sizeof g);
        g.word = "secret";
        g.does = ways[i].does;
        s.filters[0].name = "guard";
        s.filters[0].piece = guard_piece;
        s.filters[0].user = &g;
        stage_open(&s, "openai:m");
        for (at = 0; at < sizeof text; at++) {
            two_events(&body, text, at);
            for (cut = 0; cut < body.len; cut += at % 5 == 0 ? 1 : 41) {
                say(&s, body.ptr);
                s.wire.first = cut;
                calls++;
                if (ways[i].want) {
                    assert_int_equal(run_polling(&s, &req, &seen), LLMF_OK);
                    assert_string_equal(kit_cstr(&seen.text), ways[i].want);
                } else {
                    assert_int_equal(run_polling(&s, &req, &seen), LLMF_ERR_CONTENT_FILTER);
                    assert_string_equal(seen.error, "filter guard: a word");
                    assert_false(kit_has(kit_cstr(&seen.text), "secret"));
                    assert_true(strncmp(text, kit_cstr(&seen.text), seen.text.len) == 0);
                    assert_int_equal(seen.response.error.http_status, 200);
                }
                assert_false(g.outside);
            }
        }
        assert_true(g.held > 0);
        stage_close(&s);
    }
    printf("%d calls\n", (int)calls);
    kit_drop(&body);
    kit_forget(&seen);
}

/* What is held at the end is asked for once more: it may go, or change. */
static void held_to_the_end(void **state) {
    llmf_request req = request("a");
    kit_seen seen;
    guard g;
    stage s;
    (void)state;
    memset(&seen, 0, sizeof seen), memset(&g, 0, sizeof g);
    stage_desc(&s, 1);
    g.word = "time, \xc3\xa9t\xc3\xa9.!";
    s.filters[0].piece = guard_piece;
    s.filters[0].user = &g;
    stage_open(&s, "openai:m");
    say(&s, KIT_STORY);
    assert_int_equal(run_polling(&s, &req, &seen), LLMF_OK);
    assert_string_equal(kit_cstr(&seen.text), KIT_STORY_TEXT);
    assert_int_equal(g.lasts, 1);
    assert_string_equal(kit_cstr(&seen.log), "text Once\ntext  upon\ntext  a\ntext  time, \xc3\xa9t\xc3\xa9.\nusage\n");
    s.wire.len = (size_t)(strstr(s.wire.body, "\"stop\"") - s.wire.body); /* of a reply that is cut it does not go: nobody has said that it may */
    assert_int_equal(run_polling(&s, &req, &seen), LLMF_ERR_TRUNCATED);
    assert_true(strcmp(kit_cstr(&seen.text), "Once upon a") == 0 && g.lasts == 1);
    req.stream = false; /* a whole reply is one piece */
    say(&s, PLAIN("one time"));
    assert_int_equal(run_polling(&s, &req, &seen), LLMF_OK);
    assert_string_equal(kit_cstr(&seen.log), "text one time\n");
    kit_forget(&seen);
    stage_close(&s);
}

/* What one lets go at the end is for the next an ordinary piece, which it may hold: it is asked once more after that. */
static void held_by_two(void **state) {
    llmf_request req = request("a");
    kit_seen seen;
    guard g[2];
    stage s;
    (void)state;
    memset(&seen, 0, sizeof seen), memset(g, 0, sizeof g);
    stage_desc(&s, 2);
    g[0].word = "t\xc3\xa9.?"; /* of KIT_STORY, both are begun where it ends */
    g[1].word = ".!";
    s.filters[0].piece = s.filters[1].piece = guard_piece;
    s.filters[0].user = &g[0];
    s.filters[1].user = &g[1];
    stage_open(&s, "openai:m");
    say(&s, KIT_STORY);
    assert_int_equal(run_polling(&s, &req, &seen), LLMF_OK);
    assert_string_equal(kit_cstr(&seen.log), "text Once\ntext  upon\ntext  a\ntext  time\ntext , \xc3\xa9t\xc3\xa9.\nusage\n");
    assert_true(g[0].lasts == 1 && g[1].lasts == 1 && g[0].held == 2 && g[1].held == 1); /* the first held ", ete" already */
    kit_forget(&seen);
    stage_close(&s);
}

static int always_hold(void *user, llmf_filter_writer *w, const llmf_event *ev, bool last) {
    (void)user, (void)w, (void)ev, (void)last;
    return LLMF_FILTER_HOLD;
}

static void must_decide(void **state) {
    llmf_request req = request("a");
    kit_seen seen;
    stage s;
    (void)state;
    memset(&seen, 0, sizeof seen);
    stage_desc(&s, 1);
    s.filters[0].name = "undecided";
    s.filters[0].piece = always_hold;
    stage_open(&s, "openai:m");
    say(&s, KIT_STORY);
    assert_int_equal(ask(&s, &req, &seen), LLMF_ERR_ARGUMENT);
    assert_true(kit_has(seen.error, "filter undecided: it still holds") && seen.text.len == 0 && seen.response.finish == LLMF_FINISH_NONE);
    s.filters[0].name = NULL;
    assert_int_equal(ask(&s, &req, &seen), LLMF_ERR_ARGUMENT);
    assert_true(kit_has(seen.error, "filter: it still holds"));
    s.wire.len = 600; /* a call that fails: what is held is dropped, and the failure stays what it was */
    assert_int_equal(ask(&s, &req, &seen), LLMF_ERR_TRUNCATED);
    assert_true(seen.text.len == 0);
    kit_forget(&seen);
    stage_close(&s);
}

/* Text and reasoning are held apart; tool calls go past. */
static void types_apart(void **state) {
    llmf_request req = request("a");
    kit_seen seen;
    guard g;
    stage s;
    (void)state;
    memset(&seen, 0, sizeof seen), memset(&g, 0, sizeof g);
    stage_desc(&s, 1);
    g.word = "k hard"; /* in the reasoning, in two pieces; its beginning ends the first one */
    s.filters[0].piece = guard_piece;
    s.filters[0].user = &g;
    stage_open(&s, "openai:m");
    say(&s, KIT_TOOLS);
    assert_int_equal(run_polling(&s, &req, &seen), LLMF_OK);
    assert_string_equal(kit_cstr(&seen.log), "reasoning Thin***\ntext I look.\n"
                                              "tool_start 0 call_a look\ntool_delta 0 {\"at\"\ntool_delta 0 :[1,2]}\ntool_start 1 call_b go\n"
                                              "tool_delta 1 {}\ntool_call 0 call_a look {\"at\":[1,2]}\ntool_call 1 call_b go {}\nusage\n");
    assert_int_equal(seen.response.tool_call_count, 2);
    g.word = ".!"; /* the text waits until the end, behind the calls that came after it */
    assert_int_equal(run_polling(&s, &req, &seen), LLMF_OK);
    assert_true(kit_has(kit_cstr(&seen.log), "tool_call 1 call_b go {}\ntext I look.\nusage\n"));
    kit_forget(&seen);
    stage_close(&s);
}

/* ---- order, whole ---- */

static kit_text trail;

typedef struct tag {
    char name;
    int whole_does;                /* of the hook `whole`: LLMF_FILTER_… */
    bool wholes;                   /* it rewrites there */
} tag;

static int tag_before(void *user, llmf_filter_writer *w, const llmf_request *req) {
    (void)w, (void)req;
    kit_addf(&trail, "%c?", ((tag *)user)->name);
    return LLMF_FILTER_PASS;
}

static int tag_piece(void *user, llmf_filter_writer *w, const llmf_event *ev, bool last) {
    tag *t = (tag *)user;
    (void)last;
    kit_addf(&trail, "%c(%.*s)", t->name, (int)ev->text.len, ev->text.ptr);
    return llmf_filter_write(w, llmfi_str(&t->name, 1)) && llmf_filter_write(w, ev->text) ? LLMF_FILTER_PASS : LLMF_FILTER_STOP;
}

static int tag_whole(void *user, llmf_filter_writer *w, const llmf_event *ev) {
    tag *t = (tag *)user;
    kit_addf(&trail, "%c[%.*s]", t->name, (int)ev->text.len, ev->text.ptr);
    llmf_filter_reason(w, "as a whole");
    if (t->wholes && (!llmf_filter_write(w, kit_str("<")) || !llmf_filter_write(w, ev->text) || !llmf_filter_write(w, kit_str(">")))) return LLMF_FILTER_STOP;
    return t->whole_does;
}

static void in_order(void **state) {
    llmf_request req = request("a");
    tag tags[3];
    kit_seen seen;
    stage s;
    int i;
    (void)state;
    memset(tags, 0, sizeof tags), memset(&seen, 0, sizeof seen);
    stage_desc(&s, 3);
    for (i = 0; i < 3; i++) {
        tags[i].name = (char)('a' + i);
        s.filters[i].user = &tags[i];
        s.filters[i].before = tag_before;
        s.filters[i].piece = tag_piece;
    }
    stage_open(&s, "openai:m");
    say(&s, "data: {\"choices\":[{\"delta\":{\"content\":\"1\"}}]}\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"2\"}}]}\n\n" KIT_FINISH("stop") KIT_USAGE KIT_DONE);
    assert_int_equal(ask(&s, &req, &seen), LLMF_OK);
    assert_string_equal(kit_cstr(&trail), "a?b?c?c(1)b(c1)a(bc1)c(2)b(c2)a(bc2)");
    assert_string_equal(kit_cstr(&seen.log), "text abc1\ntext abc2\nusage\n");

    trail.len = 0; /* a filter that wants the whole: one piece, behind all `piece` */
    s.filters[0].whole = s.filters[1].whole = tag_whole;
    s.filters[2].piece = NULL;
    tags[1].wholes = true;
    assert_int_equal(ask(&s, &req, &seen), LLMF_OK);
    assert_string_equal(kit_cstr(&trail), "a?b?c?b(1)a(b1)b(2)a(b2)b[ab1ab2]a[<ab1ab2>]");
    assert_string_equal(kit_cstr(&seen.log), "text <ab1ab2>\nusage\n");

    tags[0].whole_does = LLMF_FILTER_STOP; /* or none */
    s.filters[0].name = "a";
    assert_int_equal(ask(&s, &req, &seen), LLMF_ERR_CONTENT_FILTER);
    assert_string_equal(seen.error, "filter a: as a whole");
    assert_true(seen.text.len == 0 && seen.response.usage.output == 4 && seen.response.finish == LLMF_FINISH_NONE);

    trail.len = 0; /* nor is a text that is none looked at; a call that fails is not, either */
    say(&s, KIT_CHUNK("{\"tool_calls\":[{\"index\":0,\"id\":\"call_a\",\"type\":\"function\",\"function\":{\"name\":\"look\",\"arguments\":\"{}\"}}]}") KIT_FINISH("tool_calls") KIT_DONE);
    assert_int_equal(ask(&s, &req, &seen), LLMF_OK);
    assert_string_equal(kit_cstr(&trail), "a?b?c?");
    say(&s, KIT_STORY);
    s.wire.len = 700;
    trail.len = 0;
    assert_int_equal(ask(&s, &req, &seen), LLMF_ERR_TRUNCATED);
    assert_true(!strchr(kit_cstr(&trail), '[') && seen.text.len == 0);
    kit_drop(&trail);
    kit_forget(&seen);
    stage_close(&s);
}

/* ---- random filters at random splits ---- */

static uint64_t fortune;

/* Lets go when it likes, in capitals. */
static int moody(void *user, llmf_filter_writer *w, const llmf_event *ev, bool last) {
    char text[256];
    size_t i;
    (void)user;
    if (!last && kit_random(&fortune) % 3 == 0) return LLMF_FILTER_HOLD;
    if (kit_random(&fortune) % 4 == 0 && ev->text.len < 200 && !user) return LLMF_FILTER_PASS;
    for (i = 0; i < ev->text.len; i += sizeof text) {
        size_t n = ev->text.len - i < sizeof text ? ev->text.len - i : sizeof text, k;
        memcpy(text, ev->text.ptr + i, n);
        for (k = 0; k < n; k++)
            if (text[k] >= 'a' && text[k] <= 'z') text[k] = (char)(text[k] - 32);
        if (!llmf_filter_write(w, llmfi_str(text, n))) return LLMF_FILTER_STOP;
    }
    return LLMF_FILTER_PASS;
}

static int whole_pass(void *user, llmf_filter_writer *w, const llmf_event *ev) {
    (void)user, (void)w, (void)ev;
    return LLMF_FILTER_PASS;
}

static void at_random(void **state) {
    kit_text body = {NULL, 0, 0}, text = {NULL, 0, 0};
    llmf_request req = request("a");
    kit_seen seen;
    int round;
    size_t i;
    (void)state;
    memset(&seen, 0, sizeof seen);
    for (i = 0; i < 40; i++) {
        kit_addf(&body, "data: {\"choices\":[{\"delta\":{\"content\":\"word%d \",\"reasoning_content\":\"why%d \"}}]}\n\n", (int)i, (int)i);
        kit_addf(&text, "WORD%d ", (int)i);
    }
    kit_adds(&body, KIT_FINISH("stop") KIT_USAGE KIT_DONE);
    for (round = 0; round < 600; round++) {
        stage s;
        fortune = (uint64_t)round + 7;
        stage_desc(&s, 1 + (size_t)round % 4);
        for (i = 0; i < s.d.filter_count; i++) s.filters[i].piece = moody;
        s.filters[0].user = &s; /* the last one to see it leaves nothing small */
        if (round % 7 == 0) s.filters[0].whole = whole_pass;
        s.d.cache_mode = round % 2 ? LLMF_CACHE_ON : 0;
        req.flags = round % 5 == 0 ? LLMF_DISCARD_TEXT : 0;
        stage_open(&s, "openai:m");
        say(&s, body.ptr);
        s.wire.first = (size_t)round * 31 % body.len;
        assert_int_equal(ask(&s, &req, &seen), LLMF_OK);
        assert_string_equal(kit_cstr(&seen.text), text.ptr);
        assert_int_equal(seen.reasoning.len, 40 * 4 + 10 + 2 * 30);
        assert_true(ask(&s, &req, &seen) == LLMF_OK && seen.response.cached == (s.d.cache_mode && !req.flags));
        assert_string_equal(kit_cstr(&seen.text), text.ptr);
        stage_close(&s);
    }
    kit_drop(&body), kit_drop(&text);
    kit_forget(&seen);
}

/* ---- beside the cache, the queue, the end of a call ---- */

/* What is kept is what the provider said: a filter sees it again, and may have changed its mind. */
static void over_the_cache(void **state) {
    llmf_request req = request("a");
    kit_seen seen;
    guard g;
    stage s;
    (void)state;
    memset(&seen, 0, sizeof seen), memset(&g, 0, sizeof g);
    stage_desc(&s, 1);
    s.d.cache_mode = LLMF_CACHE_ON;
    g.word = "upon";
    s.filters[0].piece = guard_piece;
    s.filters[0].user = &g;
    stage_open(&s, "openai:m");
    say(&s, KIT_STORY);
    assert_int_equal(run_polling(&s, &req, &seen), LLMF_OK);
    assert_string_equal(kit_cstr(&seen.text), "Once *** a time, \xc3\xa9t\xc3\xa9.");
    assert_false(seen.response.cached);
    g.word = "time";
    assert_int_equal(run_polling(&s, &req, &seen), LLMF_OK);
    assert_string_equal(kit_cstr(&seen.text), "Once upon a ***, \xc3\xa9t\xc3\xa9.");
    assert_true(seen.response.cached && s.wire.requests == 1 && !g.outside);
    g.does = REFUSES;
    assert_int_equal(run_polling(&s, &req, &seen), LLMF_ERR_CONTENT_FILTER);
    assert_true(seen.response.cached && seen.text.len == 0);
    g.does = MASKS;
    assert_int_equal(run_polling(&s, &req, &seen), LLMF_OK);
    llmf_cache_clear(s.f);
    g.does = REFUSES; /* nor is an answer kept that did not come to its end */
    assert_int_equal(run_polling(&s, &req, &seen), LLMF_ERR_CONTENT_FILTER);
    g.does = MASKS;
    assert_int_equal(run_polling(&s, &req, &seen), LLMF_OK);
    assert_false(seen.response.cached);
    kit_forget(&seen);
    stage_close(&s);
}

/* More events than may wait: the call stops and goes on, and hooks run inside llmf_poll only, though llmf_next makes the room. */
static void with_a_full_queue(void **state) {
    kit_text body = {NULL, 0, 0}, text = {NULL, 0, 0};
    llmf_request req = request("a");
    llmf_recording r;
    llmf_event ev;
    kit_seen seen;
    llmf_call c;
    guard g;
    stage s;
    size_t most = 0;
    int way;
    (void)state;
    kit_counting(&body, &text, 3000);
    for (way = 0; way < 2; way++) {
        memset(&seen, 0, sizeof seen), memset(&g, 0, sizeof g);
        stage_desc(&s, 1);
        s.d.custom_transport = NULL;
        s.d.transport = "replay";
        g.word = "never there";
        s.filters[0].piece = guard_piece;
        s.filters[0].user = &g;
        stage_open(&s, "openai:m");
        r = kit_recording(200, body.ptr);
        llmf_replay(s.f, &r);
        req.flags = way ? LLMF_DISCARD_TEXT : 0;
        c = llmf_start(s.f, s.m, &req);
        while (!seen.finals) {
            polling = true;
            llmf_poll(s.f, 0);
            polling = false;
            if (llmfi_reply_count(llmfi_call_of(s.f, c)->shown) > most) most = llmfi_reply_count(llmfi_call_of(s.f, c)->shown);
            while (llmf_next(s.f, c, &ev)) kit_see(&seen, &ev);
        }
        assert_int_equal(seen.code, LLMF_OK);
        assert_string_equal(kit_cstr(&seen.text), text.ptr);
        assert_int_equal(g.runs, 3000);
        assert_false(g.outside);
        assert_true(most <= LLMF_MAX_QUEUED);
        llmf_free(s.f, c);
        kit_forget(&seen);
        stage_close(&s);
    }
    kit_drop(&body), kit_drop(&text);
}

/* A hook that does what it must not. */
typedef struct meddler {
    stage *s;
    llmf_call call;
    int how, runs;
} meddler;

static int meddle(void *user, llmf_filter_writer *w, const llmf_event *ev, bool last) {
    meddler *m = (meddler *)user;
    llmf_event other;
    llmf_response r;
    llmf_request req = request("b");
    (void)w, (void)last;
    if (m->runs++) return LLMF_FILTER_PASS;
    switch (m->how) {
    case 0: assert_int_equal(llmf_cancel(m->s->f, ev->call), LLMF_OK); break;
    case 1: llmf_free(m->s->f, ev->call); break;
    case 2: assert_int_equal(llmf_poll(m->s->f, 0), -LLMF_ERR_ARGUMENT); break;
    case 3: assert_int_equal(llmf_generate(m->s->f, m->s->m, &req, &r), LLMF_ERR_ARGUMENT); break;
    case 4: (void)llmf_next(m->s->f, ev->call, &other); break;
    case 5: assert_true(!llmf_filter_message(w, 0, 0, kit_str("x"))); break;
    case 6: assert_true(!llmf_filter_write(w, kit_str("\xc3"))); break;
    case 7: llmf_close(m->s->f); break;
    default: break;
    }
    return LLMF_FILTER_PASS;
}

static void meddling(void **state) {
    static const int codes[] = {LLMF_ERR_CANCELLED, LLMF_OK, LLMF_OK, LLMF_OK, LLMF_OK, LLMF_ERR_ARGUMENT, LLMF_ERR_ARGUMENT};
    llmf_request req = request("a");
    meddler m;
    kit_seen seen;
    llmf_call c;
    stage s;
    int how, rc;
    (void)state;
    for (how = 0; how < 8; how++) {
        memset(&seen, 0, sizeof seen), memset(&m, 0, sizeof m);
        stage_desc(&s, 1);
        m.s = &s;
        m.how = how;
        s.filters[0].piece = meddle;
        s.filters[0].user = &m;
        stage_open(&s, "openai:m");
        say(&s, KIT_STORY);
        if (how == 1 || how == 7) {
            c = llmf_start(s.f, s.m, &req);
            while (!m.runs) rc = llmf_poll(s.f, 0);
            if (how == 1) {
                assert_int_equal(llmf_status(s.f, c, NULL), LLMF_ERR_STALE);
                llmf_poll(s.f, 0);
                assert_null(s.f->calls);
            } else {
                assert_int_equal(rc, -LLMF_ERR_STALE);
                s.f = NULL;
            }
        } else {
            assert_int_equal(ask(&s, &req, &seen), codes[how]);
        }
        kit_forget(&seen);
        stage_close(&s);
    }
}

/* The same before there is a call to speak of. */
static int meddle_early(void *user, llmf_filter_writer *w, const llmf_request *req) {
    meddler *m = (meddler *)user;
    llmf_response r;
    (void)w;
    m->runs++;
    assert_int_equal(llmf_poll(m->s->f, 0), -LLMF_ERR_ARGUMENT);
    assert_int_equal(llmf_generate(m->s->f, m->s->m, req, &r), LLMF_ERR_ARGUMENT);
    if (m->how) llmf_close(m->s->f);
    return LLMF_FILTER_PASS;
}

static void meddling_early(void **state) {
    llmf_request req = request("a");
    meddler m;
    kit_seen seen;
    stage s;
    (void)state;
    memset(&seen, 0, sizeof seen), memset(&m, 0, sizeof m);
    stage_desc(&s, 1);
    m.s = &s;
    s.filters[0].before = meddle_early;
    s.filters[0].user = &m;
    stage_open(&s, "openai:m");
    say(&s, KIT_STORY);
    assert_int_equal(ask(&s, &req, &seen), LLMF_OK);
    m.how = 1;
    assert_true(llmf_start(s.f, s.m, &req).id != 0);
    assert_int_equal(llmf_poll(s.f, 0), -LLMF_ERR_STALE); /* closed now */
    assert_int_equal(m.runs, 2);
    s.f = NULL;
    kit_forget(&seen);
    stage_close(&s);
}

/* A blocking call, and one with a callback. */
static void other_faces(void **state) {
    llmf_request req = request("a");
    llmf_response r;
    kit_seen seen;
    llmf_call c;
    guard g;
    stage s;
    (void)state;
    memset(&seen, 0, sizeof seen), memset(&g, 0, sizeof g);
    stage_desc(&s, 1);
    g.word = "upon";
    s.filters[0].piece = guard_piece;
    s.filters[0].user = &g;
    stage_open(&s, "openai:m");
    say(&s, KIT_STORY);
    assert_int_equal(llmf_generate(s.f, s.m, &req, &r), LLMF_OK);
    assert_true(kit_is(r.text, "Once *** a time, \xc3\xa9t\xc3\xa9."));
    llmf_release(s.f, &r);
    req.on_event = kit_on_event;
    req.on_event_user = &seen;
    c = llmf_start(s.f, s.m, &req);
    while (!seen.finals) llmf_poll(s.f, 0);
    assert_string_equal(kit_cstr(&seen.text), "Once *** a time, \xc3\xa9t\xc3\xa9.");
    assert_true(kit_is(seen.response.text, kit_cstr(&seen.text)));
    llmf_free(s.f, c);
    c = llmf_start(s.f, s.m, &req); /* freed in its middle */
    llmf_poll(s.f, 0);
    llmf_free(s.f, c);
    kit_forget(&seen);
    stage_close(&s);
}

/* A transcript is text too. */
static void transcripts(void **state) {
    llmf_request req = request(NULL);
    llmf_input in;
    llmf_part audio;
    kit_seen seen;
    guard g;
    stage s;
    (void)state;
    memset(&seen, 0, sizeof seen), memset(&g, 0, sizeof g), memset(&in, 0, sizeof in), memset(&audio, 0, sizeof audio);
    stage_desc(&s, 1);
    s.d.cache_mode = LLMF_CACHE_ON; /* which keeps none */
    g.word = "Ann";
    s.filters[0].piece = guard_piece;
    s.filters[0].user = &g;
    stage_open(&s, "openai:whisper-1");
    audio.type = LLMF_PART_AUDIO;
    audio.data = "ID3 and what follows";
    audio.data_len = 20;
    in.audio = &audio;
    req.op = LLMF_OP_TRANSCRIBE;
    req.input = &in;
    req.stream = false;
    say(&s, "{\"text\":\"I am Ann.\"}");
    assert_int_equal(run_polling(&s, &req, &seen), LLMF_OK);
    assert_string_equal(kit_cstr(&seen.text), "I am ***.");
    assert_int_equal(run_polling(&s, &req, &seen), LLMF_OK);
    assert_true(!seen.response.cached && s.wire.requests == 2);
    kit_forget(&seen);
    stage_close(&s);
}

/* Each request for memory refused in turn: the call ends well or with MEMORY, what came is what it says, and nothing is lost. */
static void memory_refused(void **state) {
    llmf_request req = request("a");
    int on, well = 0, failed = 0;
    uint64_t nth;
    (void)state;
    for (on = 0; on < 2; on++)
        for (nth = 1; nth < 60; nth++) {
            kit_seen seen;
            looked l;
            guard g;
            stage s;
            size_t used;
            memset(&seen, 0, sizeof seen), memset(&g, 0, sizeof g), memset(&l, 0, sizeof l);
            stage_desc(&s, 2);
            l.message = "another prompt, longer than the first piece of an arena can take";
            g.word = "I look.";
            s.filters[0].before = look;
            s.filters[0].user = &l;
            s.filters[1].piece = guard_piece;
            s.filters[1].user = &g;
            s.filters[0].whole = nth % 2 ? whole_pass : NULL;
            stage_open(&s, "openai:m");
            say(&s, KIT_TOOLS);
            assert_int_equal(ask(&s, &req, &seen), LLMF_OK);
            used = kit_used(s.f);
            llmf_fail_memory(s.f, nth / 2 + 1, on);
            if (nth > 2) {
                int code = ask(&s, &req, &seen);
                assert_true(code == LLMF_OK || code == LLMF_ERR_MEMORY);
                well += code == LLMF_OK;
                failed += code == LLMF_ERR_MEMORY;
                assert_true(code != LLMF_OK || kit_is(kit_str(kit_cstr(&seen.text)), "***"));
            }
            llmf_fail_memory(s.f, 0, false);
            assert_int_equal(kit_used(s.f), used);
            assert_int_equal(ask(&s, &req, &seen), LLMF_OK);
            assert_int_equal(kit_used(s.f), used);
            kit_forget(&seen);
            stage_close(&s);
        }
    assert_true(well && failed);
}

/* Without filters there is no second reply, nor with those that look at requests only. */
static void cheap_where_unused(void **state) {
    looked l;
    llmf_request req = request("a");
    llmf_call c;
    stage s;
    size_t n;
    (void)state;
    for (n = 0; n < 2; n++) {
        memset(&l, 0, sizeof l);
        stage_desc(&s, n);
        s.filters[0].before = look;
        s.filters[0].user = &l;
        stage_open(&s, "openai:m");
        say(&s, KIT_STORY);
        c = llmf_start(s.f, s.m, &req);
        assert_ptr_equal(llmfi_call_of(s.f, c)->shown, &llmfi_call_of(s.f, c)->reply);
        llmf_free(s.f, c);
        stage_close(&s);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(before_changes),  cmocka_unit_test(before_refuses), cmocka_unit_test(before_misused), cmocka_unit_test(a_preview_shows_it_changed),
        cmocka_unit_test(at_every_split),  cmocka_unit_test(held_to_the_end), cmocka_unit_test(held_by_two),    cmocka_unit_test(must_decide),   cmocka_unit_test(types_apart),
        cmocka_unit_test(in_order),        cmocka_unit_test(at_random),      cmocka_unit_test(over_the_cache), cmocka_unit_test(with_a_full_queue),
        cmocka_unit_test(meddling),       cmocka_unit_test(meddling_early),        cmocka_unit_test(other_faces),    cmocka_unit_test(transcripts),   cmocka_unit_test(memory_refused), cmocka_unit_test(cheap_where_unused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
