/* Histories cut to a window: each rule alone and together, what may never go, what is told, summaries; any history at any window; short of memory at every allocation. */
#include "kit.h"

static kit_world w, apart;

static llmf_factory *open_in(kit_world *world) {
    llmf_desc d = kit_desc(world);
    llmf_error err;
    llmf_factory *f;
    d.no_env = true;
    d.config_text = "models:\n  m: {provider: p, model_id: m-1, context_window: 1000}\n  free: {provider: p, model_id: m-2}\nproviders:\n  p: {dialect: openai, base_url: 'http://a.test/v1', auth: none}\n";
    f = llmf_open(&d, &err);
    if (!f) fail_msg("%s", err.text);
    return f;
}

static llmf_factory *open_factory(void) {
    return open_in(&w);
}

static void close_factory(llmf_factory *f) {
    llmf_close(f);
    kit_drop(&w.log);
}

/* A token for each byte, so that sums can be seen. */
static int64_t bytes(void *user, llmf_str text) {
    (void)user;
    return (int64_t)text.len;
}

static llmf_message message(int role, const char *content) {
    llmf_message m;
    memset(&m, 0, sizeof m);
    m.role = role;
    m.content = content;
    m.state = m.reasoning = m.tool_call_id = m.name = kit_str("");
    if (role == LLMF_TOOL) m.tool_call_id = kit_str("c1");
    return m;
}

static llmf_tool_call call_a;
static llmf_message calling(void) {
    llmf_message m = message(LLMF_ASSISTANT, NULL);
    call_a.id = kit_str("c1");
    call_a.name = kit_str("f");
    call_a.arguments = kit_str("{}");
    m.tool_calls = &call_a;
    m.tool_call_count = 1;
    return m;
}

#define TEN "0123456789"
#define FORTY TEN TEN TEN TEN
#define HUNDRED FORTY FORTY TEN TEN

/* S U1 A1 U2 C2 T2 A2 U3 C3 T3 C4 T4 */
static llmf_message talk[12];
enum { TALK = 12 };
static llmf_request talking(void) {
    llmf_request r;
    memset(&r, 0, sizeof r);
    talk[0] = message(LLMF_SYSTEM, "rules");
    talk[1] = message(LLMF_USER, HUNDRED);
    talk[2] = message(LLMF_ASSISTANT, HUNDRED);
    talk[3] = message(LLMF_USER, TEN);
    talk[4] = calling();
    talk[5] = message(LLMF_TOOL, HUNDRED);
    talk[6] = message(LLMF_ASSISTANT, FORTY);
    talk[7] = message(LLMF_USER, TEN);
    talk[8] = calling();
    talk[9] = message(LLMF_TOOL, FORTY);
    talk[10] = calling();
    talk[11] = message(LLMF_TOOL, FORTY);
    r.messages = talk;
    r.message_count = TALK;
    r.system = "be kind";
    return r;
}

static llmf_fit rules(int64_t window, int which, size_t keep) {
    llmf_fit fit;
    memset(&fit, 0, sizeof fit);
    fit.summary = kit_str("");
    fit.window = window;
    fit.reserve = 1;
    fit.rules = which;
    fit.keep_last = keep;
    fit.marker = "-";
    fit.count = bytes;
    return fit;
}

static llmf_model none;
static llmf_error err;

/* What has become of each message, a letter each. */
static const char *what(const llmf_fit *fit, size_t count) {
    static char text[64];
    size_t i;
    for (i = 0; i < count; i++) text[i] = ".dr"[fit->what[i]];
    text[count] = '\0';
    return text;
}

/* By the sum that a program can make itself. */
static int64_t sum(const llmf_request *r) {
    llmf_factory *f = open_in(&apart);
    llmf_fit fit = rules(INT64_C(1) << 40, 0, 1);
    llmf_rendered p;
    assert_int_equal(llmf_fit_messages(f, none, r, &fit, &p, &err), LLMF_OK);
    llmf_render_free(f, &p);
    llmf_close(f);
    kit_drop(&apart.log);
    return fit.before;
}

/* ---- rules ---- */

static void fits(llmf_factory *f, int64_t window, int which, size_t keep, const char *expected) {
    llmf_request r = talking();
    llmf_fit fit = rules(window, which, keep);
    llmf_rendered p;
    if (llmf_fit_messages(f, none, &r, &fit, &p, &err) != LLMF_OK) fail_msg("%d: %s", (int)window, err.text);
    if (strcmp(what(&fit, TALK), expected) != 0) fail_msg("window %d: %s, not %s", (int)window, what(&fit, TALK), expected);
    assert_true(fit.after <= fit.limit && fit.limit == window - 1);
    assert_int_equal(fit.after, sum(&p.request)); /* the sum of what is there */
    assert_string_equal(p.request.system, "be kind");
    llmf_render_free(f, &p);
    assert_null(p.memory);
}

static void by_rule(void **state) {
    llmf_factory *f = open_factory();
    llmf_request r = talking();
    int64_t all = sum(&r);
    (void)state;
    fits(f, all + 1, 0, 2, "............");
    fits(f, all, 0, 2, ".....r......");
    fits(f, all - 99, 0, 2, ".....r...r..");
    fits(f, all - 99 - 39, 0, 2, ".dd..r...r..");
    fits(f, all - 99 - 39 - 208, 0, 2, ".dddddd..r..");
    fits(f, all - 99 - 39 - 208 - 74, 0, 2, ".dddddd.dd..");
    fits(f, all, LLMF_FIT_TURNS, 2, ".dd.........");
    fits(f, all - 208, LLMF_FIT_TURNS, 2, ".dddddd.....");
    fits(f, all - 300, LLMF_FIT_TURNS, 5, ".dddddd.....");
    fits(f, all - 99, LLMF_FIT_TOOLS, 2, ".....r...r..");
    assert_true(kit_has(kit_cstr(&w.log), "messages dropped: 8, results of tools shortened: 0"));
    close_factory(f);
}

static void too_long(llmf_factory *f, int64_t window, int which, size_t keep) {
    llmf_request r = talking();
    llmf_fit fit = rules(window, which, keep);
    llmf_rendered p;
    assert_int_equal(llmf_fit_messages(f, none, &r, &fit, &p, &err), LLMF_ERR_CONTEXT_LENGTH);
    assert_true(kit_has(err.text, "keep_last"));
    assert_null(p.memory);
    assert_null(fit.what);
    assert_true(fit.after > fit.limit);
}

static void what_stays(void **state) {
    llmf_factory *f = open_factory();
    llmf_request r = talking();
    int64_t all = sum(&r);
    (void)state;
    too_long(f, 20, 0, 1);
    too_long(f, all - 99, LLMF_FIT_TOOLS, 8);   /* only one result may go */
    too_long(f, all - 300, LLMF_FIT_TURNS, 9);  /* a turn is dropped whole or not at all */
    close_factory(f);
}

static void windows(void **state) {
    llmf_factory *f = open_factory();
    llmf_request r = talking();
    llmf_fit fit = rules(0, 0, 2);
    llmf_rendered p;
    (void)state;
    fit.reserve = 0;
    assert_int_equal(llmf_fit_messages(f, llmf_get(f, "m", &err), &r, &fit, &p, &err), LLMF_OK);
    assert_int_equal(fit.limit, 750);
    llmf_render_free(f, &p);
    r.max_tokens = 400;
    assert_int_equal(llmf_fit_messages(f, llmf_get(f, "m", &err), &r, &fit, &p, &err), LLMF_OK);
    assert_int_equal(fit.limit, 600);
    llmf_render_free(f, &p);
    assert_int_equal(llmf_fit_messages(f, llmf_get(f, "free", &err), &r, &fit, &p, &err), LLMF_ERR_ARGUMENT);
    assert_true(kit_has(err.text, "window"));
    assert_int_equal(llmf_fit_messages(f, none, &r, &fit, &p, NULL), LLMF_ERR_ARGUMENT);
    fit.rules = 64;
    assert_int_equal(llmf_fit_messages(f, none, &r, &fit, &p, &err), LLMF_ERR_ARGUMENT);
    assert_true(kit_has(err.text, "rules"));
    fit.rules = 0;
    r.messages = NULL;
    assert_int_equal(llmf_fit_messages(f, none, &r, &fit, &p, &err), LLMF_ERR_ARGUMENT);
    assert_int_equal(llmf_fit_messages(NULL, none, &r, &fit, &p, &err), LLMF_ERR_ARGUMENT);
    none.id = 99;
    r = talking();
    fit.window = 100000;
    assert_int_equal(llmf_fit_messages(f, none, &r, &fit, &p, &err), LLMF_ERR_STALE);
    none.id = 0;
    close_factory(f);
}

/* What takes tokens: each field adds to the sum. */
static void everything_counts(void **state) {
    llmf_request r = talking();
    llmf_part part;
    llmf_tool tool;
    int64_t all = sum(&r);
    (void)state;
    memset(&part, 0, sizeof part);
    memset(&tool, 0, sizeof tool);
    talk[2].state = kit_str(TEN);
    talk[2].reasoning = kit_str(TEN);
    assert_int_equal(sum(&r), all + 20);
    part.text = TEN;
    talk[1].parts = &part;
    talk[1].part_count = 1;
    assert_int_equal(sum(&r), all + 30);
    part.type = LLMF_PART_IMAGE;
    assert_int_equal(sum(&r), all + 20 + 1600);
    talk[1].part_count = 0;
    tool.name = TEN;
    tool.description = TEN;
    tool.parameters = "{}";
    r.tools = &tool;
    r.tool_count = 1;
    assert_int_equal(sum(&r), all + 20 + 26);
    r.prompt = TEN;
    assert_int_equal(sum(&r), all + 20 + 36);
}

/* With a prompt all turns may go. */
static void before_a_prompt(void **state) {
    llmf_factory *f = open_factory();
    llmf_request r = talking();
    llmf_fit fit = rules(150, LLMF_FIT_TURNS, 1);
    llmf_rendered p;
    (void)state;
    r.prompt = TEN;
    r.message_count = 7;
    assert_int_equal(llmf_fit_messages(f, none, &r, &fit, &p, &err), LLMF_ERR_CONTEXT_LENGTH); /* the last message stays, and its turn with it */
    talk[7] = message(LLMF_USER, TEN);
    talk[8] = message(LLMF_ASSISTANT, TEN);
    r.message_count = 9;
    assert_int_equal(llmf_fit_messages(f, none, &r, &fit, &p, &err), LLMF_OK);
    assert_string_equal(what(&fit, 9), ".dddddd..");
    assert_string_equal(p.request.prompt, TEN);
    llmf_render_free(f, &p);
    close_factory(f);
}

/* ---- summaries ---- */

static void summed_up(void **state) {
    llmf_factory *f = open_factory();
    llmf_request r = talking();
    llmf_fit fit = rules(0, LLMF_FIT_TURNS, 5);
    llmf_rendered p, q;
    (void)state;
    talk[1].content = "My name is Ada.";
    fit.window = sum(&r) - 130;
    fit.summary_tokens = 60;
    fit.ask_summary = 1;
    assert_int_equal(llmf_fit_messages(f, none, &r, &fit, &q, &err), LLMF_OK);
    assert_string_equal(what(&fit, TALK), ".dddddd.....");
    assert_true(kit_has(q.request.prompt, "User: My name is Ada.\n\nAssistant: " HUNDRED));
    assert_true(kit_has(q.request.prompt, "Assistant: [calls f with {}]\n\nResult of a tool: " HUNDRED));
    assert_true(kit_has(q.request.system, "Sum it up"));
    assert_int_equal(q.request.max_tokens, 60);
    assert_int_equal(q.request.prompt_len, strlen(q.request.prompt));
    assert_int_equal(q.request.message_count, 0);
    llmf_render_free(f, &q);
    fit.ask_summary = 0;
    fit.summary = kit_str("Ada said hello.");
    assert_int_equal(llmf_fit_messages(f, none, &r, &fit, &p, &err), LLMF_OK);
    assert_string_equal(what(&fit, TALK), ".dddddd.....");
    assert_int_equal(p.request.message_count, 7);
    assert_int_equal(p.request.messages[0].role, LLMF_SYSTEM);
    assert_string_equal(p.request.messages[1].content, "Ada said hello.");
    assert_int_equal(p.request.messages[1].role, LLMF_SYSTEM);
    assert_int_equal(p.request.messages[2].role, LLMF_USER);
    assert_int_equal(fit.after + 7, sum(&p.request)); /* its name is not sent */
    /* Once more: the old summary goes into the new one. */
    r.messages = p.request.messages;
    r.message_count = p.request.message_count;
    fit.window = 160;
    fit.keep_last = 2;
    fit.ask_summary = 1;
    assert_int_equal(llmf_fit_messages(f, none, &r, &fit, &q, &err), LLMF_OK);
    assert_true(kit_has(q.request.prompt, "Summary of what was before: Ada said hello.\n\n"));
    llmf_render_free(f, &q);
    fit.ask_summary = 0;
    fit.summary = kit_str("All of it.");
    assert_int_equal(llmf_fit_messages(f, none, &r, &fit, &q, &err), LLMF_OK);
    assert_int_equal(q.request.message_count, 5);
    assert_string_equal(q.request.messages[1].content, "All of it.");
    llmf_render_free(f, &q);
    llmf_render_free(f, &p);
    close_factory(f);
}

static void nothing_to_sum_up(void **state) {
    llmf_factory *f = open_factory();
    llmf_request r = talking();
    llmf_fit fit = rules(100000, 0, 5);
    llmf_rendered p;
    (void)state;
    fit.ask_summary = 1;
    assert_int_equal(llmf_fit_messages(f, none, &r, &fit, &p, &err), LLMF_OK);
    assert_null(p.request.prompt);
    llmf_render_free(f, &p);
    fit.ask_summary = 0;
    fit.summary = kit_str("unused");
    assert_int_equal(llmf_fit_messages(f, none, &r, &fit, &p, &err), LLMF_OK);
    assert_int_equal(p.request.message_count, TALK);
    llmf_render_free(f, &p);
    close_factory(f);
}

static int64_t by_ranks(void *user, llmf_str text) {
    return llmf_tokens_encode((llmf_tokens *)user, text, 0, NULL, 0);
}

/* With the model's ranks at hand texts count what they do there. */
static void counted_exactly(void **state) {
    const char *shared = getenv("LLMF_SHARED");
    char path[600];
    llmf_desc d = kit_desc(&w);
    llmf_tokens_desc ranks = {0};
    llmf_message talk[3];
    llmf_request r = {0};
    llmf_rendered p;
    llmf_fit fit = {0};
    llmf_error err;
    llmf_factory *f;
    llmf_model m;
    int64_t exact;
    FILE *file;
    (void)state;
    snprintf(path, sizeof path, "%s/corpora/tiktoken/o200k_base.tiktoken", shared ? shared : "../shared");
    file = fopen(path, "rb");
    if (!file) skip();
    fclose(file);
    ranks.path = path;
    d.no_env = true;
    d.ranks = &ranks;
    d.rank_count = 1;
    d.memory_size = 32u << 20;
    f = llmf_open(&d, &err);
    if (!f) fail_msg("%s", err.text);
    m = llmf_get(f, "openai:gpt-4o", &err);
    talk[0] = message(LLMF_USER, "Wann f\xc3\xa4hrt die F\xc3\xa4hre?");
    talk[1] = message(LLMF_ASSISTANT, "\xe8\xbd\xae\xe6\xb8\xa1\xe4\xb9\x9d\xe7\x82\xb9\xe5\xbc\x80");
    talk[2] = message(LLMF_USER, "Thanks!");
    r.messages = talk;
    r.message_count = 3;
    assert_int_equal(llmf_fit_messages(f, m, &r, &fit, &p, &err), LLMF_OK);
    llmf_render_free(f, &p);
    exact = fit.before;
    fit.user = llmf_tokens_open(NULL, &ranks, &err);
    assert_non_null(fit.user);
    fit.count = by_ranks;
    assert_int_equal(llmf_fit_messages(f, m, &r, &fit, &p, &err), LLMF_OK);
    llmf_render_free(f, &p);
    assert_int_equal(fit.before, exact);
    llmf_tokens_close((llmf_tokens *)fit.user);
    fit.user = NULL;
    fit.count = NULL;
    assert_int_equal(llmf_fit_messages(f, llmf_get(f, "anthropic:claude-sonnet-4-5", &err), &r, &fit, &p, &err), LLMF_OK);
    llmf_render_free(f, &p);
    assert_int_not_equal(fit.before, exact); /* of others nothing is known */
    close_factory(f);
}

/* What is summed up is no longer than the window, and no character of it is cut. */
static void a_long_transcript(void **state) {
    static char text[60001];
    llmf_factory *f = open_factory();
    llmf_request r = talking();
    llmf_fit fit = rules(3000, LLMF_FIT_TURNS, 5);
    llmf_rendered p;
    size_t i;
    (void)state;
    for (i = 0; i < 60000; i += 3) memcpy(text + i, "\xe2\x82\xac", 3);
    talk[2].content = text;
    fit.ask_summary = 1;
    assert_int_equal(llmf_fit_messages(f, none, &r, &fit, &p, &err), LLMF_OK);
    assert_true(p.request.prompt_len <= 6000 && p.request.prompt_len > 2000);
    assert_true(kit_has(p.request.prompt, " [...] "));
    assert_true(llmfi_utf8_valid(llmfi_str(p.request.prompt, p.request.prompt_len), NULL));
    llmf_render_free(f, &p);
    close_factory(f);
}

/* ---- any history ---- */

/* What is left is sound: it begins with a user where it did before or something went, and each result follows its call. */
static void sound(const llmf_rendered *p, const llmf_fit *fit, const llmf_request *r) {
    size_t i = 0, k, kept = 0;
    bool open = false;
    while (i < p->request.message_count && p->request.messages[i].role == LLMF_SYSTEM) i++;
    if (fit->dropped && i < p->request.message_count) assert_int_equal(p->request.messages[i].role, LLMF_USER);
    for (; i < p->request.message_count; i++) {
        const llmf_message *m = &p->request.messages[i];
        if (m->role == LLMF_TOOL) assert_true(open);
        else if (m->role == LLMF_ASSISTANT) open = m->tool_call_count > 0;
        else if (m->role == LLMF_USER) open = false;
    }
    for (k = 0; k < r->message_count; k++) {
        kept += fit->what[k] != 1;
        if (r->messages[k].role == LLMF_SYSTEM) assert_int_equal(fit->what[k], 0);
        if (fit->what[k] == 2) assert_int_equal(r->messages[k].role, LLMF_TOOL);
        if (k + fit->keep_last >= r->message_count) assert_int_equal(fit->what[k], 0);
    }
    assert_int_equal(kept, p->request.message_count);
    assert_int_equal(r->message_count - kept, fit->dropped);
}

static void any_history(void **state) {
    static llmf_message any[64];
    static const char *const texts[] = {"", "x", TEN, FORTY, HUNDRED};
    llmf_factory *f = open_factory();
    uint64_t seed = 88172645463325252u;
    int round, did = 0, cut = 0;
    (void)state;
    for (round = 0; round < 20000; round++) {
        size_t n = 0, most = kit_random(&seed) % 40;
        llmf_request r;
        llmf_fit fit;
        llmf_rendered p;
        int code;
        memset(&r, 0, sizeof r);
        while (n < most) { /* turns as they come, now and then a message of the system */
            if (kit_random(&seed) % 8 == 0) any[n++] = message(LLMF_SYSTEM, "s");
            any[n++] = message(LLMF_USER, texts[kit_random(&seed) % 5]);
            while (n < most && kit_random(&seed) % 3 == 0) {
                any[n++] = calling();
                any[n++] = message(LLMF_TOOL, texts[kit_random(&seed) % 5]);
                if (kit_random(&seed) % 2) any[n++] = message(LLMF_TOOL, texts[kit_random(&seed) % 5]);
            }
            if (n < most && kit_random(&seed) % 4) any[n++] = message(LLMF_ASSISTANT, texts[kit_random(&seed) % 5]);
        }
        r.messages = any;
        r.message_count = n;
        fit = rules((int64_t)(kit_random(&seed) % 2000 + 2), (int)(kit_random(&seed) % 4), 1 + kit_random(&seed) % 6);
        code = llmf_fit_messages(f, none, &r, &fit, &p, &err);
        assert_true(code == LLMF_OK || code == LLMF_ERR_CONTEXT_LENGTH);
        if (code != LLMF_OK) continue;
        did++;
        cut += fit.dropped > 0;
        assert_true(fit.after <= fit.limit);
        sound(&p, &fit, &r);
        llmf_render_free(f, &p);
    }
    printf("%d of 20000 histories fitted, %d of them by dropping turns\n", did, cut);
    assert_true(cut > 1000);
    close_factory(f);
}

static void no_memory(void **state) {
    llmf_factory *f = open_factory();
    uint64_t nth;
    int refused = 0, ask;
    (void)state;
    for (ask = 0; ask < 2; ask++)
        for (nth = 1; nth < 20; nth++) {
            llmf_request r = talking();
            llmf_fit fit = rules(sum(&r) - 250, 0, 2);
            llmf_rendered p;
            size_t used = kit_used(f);
            int code;
            fit.ask_summary = ask;
            fit.summary_tokens = 10;
            llmf_fail_memory(f, nth, true);
            code = llmf_fit_messages(f, none, &r, &fit, &p, &err);
            llmf_fail_memory(f, 0, false);
            if (code == LLMF_OK) llmf_render_free(f, &p);
            else assert_int_equal(code, LLMF_ERR_MEMORY);
            refused += code != LLMF_OK;
            assert_int_equal(kit_used(f), used);
        }
    assert_true(refused >= 4);
    close_factory(f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_rule), cmocka_unit_test(what_stays), cmocka_unit_test(windows), cmocka_unit_test(everything_counts), cmocka_unit_test(counted_exactly), cmocka_unit_test(before_a_prompt),
        cmocka_unit_test(summed_up), cmocka_unit_test(nothing_to_sum_up), cmocka_unit_test(a_long_transcript), cmocka_unit_test(any_history), cmocka_unit_test(no_memory)
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
