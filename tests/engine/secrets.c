/* Keys by name: each place that they come from, how long they are kept, what a refused one does, every way in which a fetch fails or is cut short, and that nothing of
   a key is left behind. The HTTP client is the test's. */
#include "kit.h"
#include "post.h"
#include <dirent.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define CANARY "sk-of-twenty-letters-canary-9d41"
#define PART "-canary-9d41"          /* what of it is looked for: the first bytes of a piece that goes back to the heap are written over */
#define ANSWER "{\"id\":\"1\",\"choices\":[{\"message\":{\"role\":\"assistant\",\"content\":\"Hello\"},\"finish_reason\":\"stop\"}]}"
#define REFUSED "{\"error\":{\"message\":\"Incorrect API key provided\",\"type\":\"invalid_request_error\",\"code\":\"invalid_api_key\"}}"
#define OPENAI "https://api.openai.com/v1/chat/completions"
#define STORE "https://secretsmanager.eu-west-1.amazonaws.com/"
#define PARAMETERS "https://ssm.eu-west-1.amazonaws.com/"
#define M(rest) "models: {m: {provider: openai, model_id: gpt-4o, " rest "}}"
#define NOW INT64_C(2000000000000)

/* ---- a factory, its block and its client ---- */

typedef struct broker {            /* the hook */
    int calls, result;             /* 1: gives `key` */
    char key[128], saw[512];
    int64_t expires_ms;
    int again;
} broker;

typedef struct stage {
    kit_world w;                   /* first: the hooks of kit.h take the same pointer */
    post p;
    broker b;
    llmf_desc d;
    llmf_factory *f;
    char *block;
    char path[64];
} stage;

enum { BLOCK = 4 << 20 };
static char the_block[BLOCK];

static int64_t wall_ms(void *user) {
    (void)user;
    return NOW;
}

static int hook(void *user, llmf_secret_query *q) {
    broker *b = &((stage *)user)->b;
    b->calls++;
    b->again += q->again != 0;
    snprintf(b->saw, sizeof b->saw, "%s %s [%s] %s", q->provider, q->model, q->name, q->origin);
    if (b->result != 1) return b->result;
    assert_true(strlen(b->key) <= q->cap);
    memcpy(q->out, b->key, strlen(b->key));
    q->expires_ms = b->expires_ms;
    return (int)strlen(b->key);
}

static const char *const aws_env[] = {"AWS_REGION", "eu-west-1", "AWS_ACCESS_KEY_ID", "AKIDTEST", "AWS_SECRET_ACCESS_KEY", "aws-secret", NULL};

static void begin(stage *s, const char *config) {
    memset(s, 0, sizeof *s);
    s->d = kit_desc(&s->w);
    post_open(&s->p);
    s->w.env = aws_env;
    s->d.custom_transport = &s->p.transport;
    s->d.wall_ms = wall_ms;
    s->d.config_text = config;
    memset(the_block, 0, sizeof the_block);
    s->d.memory = the_block;
    s->d.memory_size = sizeof the_block;
    snprintf(s->path, sizeof s->path, "/tmp/llmf-secret-%d", (int)getpid());
}

static void open_stage(stage *s) {
    llmf_error err;
    s->f = llmf_open(&s->d, &err);
    if (!s->f) fail_msg("%s", err.text);
}

static void open_with(stage *s, const char *config) {
    begin(s, config);
    open_stage(s);
}

static bool block_has(const char *text) {
    size_t n = strlen(text), i;
    for (i = 0; i + n <= sizeof the_block; i++)
        if (the_block[i] == text[0] && memcmp(the_block + i, text, n) == 0) return true;
    return false;
}

/* Nothing of a key is left in the block, nor has it been told. */
static void end(stage *s) {
    llmf_close(s->f);
    assert_false(block_has(PART));
    assert_false(kit_has(kit_cstr(&s->w.log), PART));
    post_close(&s->p);
    kit_drop(&s->w.log);
    unlink(s->path);
}

static void write_key(const stage *s, const char *text) {
    FILE *f = fopen(s->path, "wb");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static llmf_call start_with(stage *s, const char *model, const llmf_request *req) {
    llmf_error err;
    llmf_model m = llmf_get(s->f, model, &err);
    llmf_call c;
    if (!m.id) fail_msg("%s", err.text);
    c = llmf_start(s->f, m, req);
    if (!c.id) {
        llmf_last_error(s->f, &err);
        fail_msg("%s", err.text);
    }
    llmf_poll(s->f, 0);
    return c;
}

static llmf_call start(stage *s) {
    llmf_request req = kit_request(false);
    return start_with(s, "m", &req);
}

static void later(stage *s, int64_t ms) {
    s->w.now += (uint64_t)ms * 1000000u;
    llmf_poll(s->f, 0);
}

/* The code that the call ended with; -1: it has not. */
static int ended(stage *s, llmf_call c, char *error, size_t cap, int64_t *attempts) {
    kit_seen seen;
    int code;
    memset(&seen, 0, sizeof seen);
    kit_take(s->f, c, &seen);
    code = seen.finals ? seen.code : -1;
    assert_true(seen.finals <= 1);
    if (code == LLMF_OK) assert_true(kit_is(seen.response.text, "Hello"));
    if (error) snprintf(error, cap, "%s", seen.error);
    if (attempts) *attempts = seen.finals ? (int64_t)seen.response.attempt_count : 0;
    assert_false(kit_has(seen.error, PART));
    kit_forget(&seen);
    return code;
}

static void ends_with(stage *s, llmf_call c, int code, const char *says) {
    char error[600];
    int got = ended(s, c, error, sizeof error, NULL);
    if (got != code || (says && !kit_has(error, says)))
        fail_msg("%s: %s instead of %s: %s", got < 0 ? "not ended" : llmf_result_name((llmf_result)got), error, llmf_result_name((llmf_result)code), says ? says : "");
    llmf_free(s->f, c);
}

static void answer(stage *s, const char *part, int status, const char *body) {
    post_answer(&s->p, part, status, body);
    llmf_poll(s->f, 0);
}

/* The one unanswered request to the provider has that key; it is answered. */
static void served(stage *s, llmf_call c, const char *key) {
    char header[200];
    snprintf(header, sizeof header, "\nAuthorization: Bearer %s\n", key);
    if (!post_find(&s->p, OPENAI)) {
        char error[600];
        (void)ended(s, c, error, sizeof error, NULL);
        fail_msg("nothing was sent: %s", error);
    }
    if (!post_find(&s->p, header)) fail_msg("no %s in %s", header, kit_cstr(&post_find(&s->p, OPENAI)->text));
    answer(s, OPENAI, 200, ANSWER);
    ends_with(s, c, LLMF_OK, NULL);
}

/* Two calls that waited for the same key. */
static void both_served(stage *s, llmf_call c, llmf_call d, const char *key) {
    int i;
    assert_int_equal(post_waiting(&s->p), 2);
    for (i = 0; i < 2; i++) {
        if (!post_find(&s->p, key)) fail_msg("no %s", key);
        answer(s, key, 200, ANSWER);
    }
    ends_with(s, c, LLMF_OK, NULL);
    ends_with(s, d, LLMF_OK, NULL);
}

/* ---- files ---- */

static void a_file(void **state) {
    stage s;
    char config[200];
    (void)state;
    begin(&s, NULL);
    snprintf(config, sizeof config, M("api_key_file: %s"), s.path);
    s.d.config_text = config;
    open_stage(&s);
    write_key(&s, CANARY "-1\n");
    served(&s, start(&s), CANARY "-1");
    write_key(&s, CANARY "-2\r\n");
    served(&s, start(&s), CANARY "-1"); /* kept */
    later(&s, 299999);
    served(&s, start(&s), CANARY "-1");
    later(&s, 2);
    assert_false(block_has(PART)); /* its time is over: gone, whoever asks */
    served(&s, start(&s), CANARY "-2");
    end(&s);
}

static void how_long_it_is_kept(void **state) {
    static const struct {
        int64_t ttl, last;
    } cases[] = {{5000, 4999}, {1, 999}, {-1, INT64_C(86400000) * 3000}};
    stage s;
    char config[200];
    size_t i;
    (void)state;
    for (i = 0; i < KIT_COUNT(cases); i++) {
        begin(&s, NULL);
        snprintf(config, sizeof config, M("api_key_file: %s"), s.path);
        s.d.config_text = config;
        s.d.secret_ttl_ms = cases[i].ttl;
        open_stage(&s);
        write_key(&s, CANARY "-1");
        served(&s, start(&s), CANARY "-1");
        write_key(&s, CANARY "-2");
        later(&s, cases[i].last);
        served(&s, start(&s), CANARY "-1");
        later(&s, 1);
        served(&s, start(&s), cases[i].ttl < 0 ? CANARY "-1" : CANARY "-2");
        end(&s);
    }
}

static void files_that_give_none(void **state) {
    static char much[20000];
    const struct {
        const char *text, *says;
    } cases[] = {{"", "api_key_file /tmp/llmf-secret-"}, {" \n\n", "no key is in it: it is empty"}, {much, "longer than 16 KiB"}, {"a\nb", "holds a line break"}, {NULL, "cannot be opened; is the path right?"}};
    stage s;
    char config[200];
    size_t i;
    (void)state;
    for (i = 0; i + 1 < sizeof much; i++) much[i] = CANARY[i % (sizeof CANARY - 1)];
    for (i = 0; i < KIT_COUNT(cases); i++) {
        llmf_call c;
        begin(&s, NULL);
        snprintf(config, sizeof config, M("api_key_file: %s"), s.path);
        s.d.config_text = config;
        open_stage(&s);
        if (cases[i].text) write_key(&s, cases[i].text);
        c = start(&s);
        ends_with(&s, c, LLMF_ERR_AUTH, cases[i].says);
        assert_int_equal(s.p.starts, 0);
        assert_false(block_has(PART));
        write_key(&s, CANARY "-1");
        if (i != 3) ends_with(&s, start(&s), LLMF_ERR_AUTH, cases[i].says); /* remembered for ten seconds; what is no header is seen late */
        later(&s, i == 3 ? 300001 : 10001);
        served(&s, start(&s), CANARY "-1");
        end(&s);
    }
    open_with(&s, M("api_key_file: /tmp"));
    ends_with(&s, start(&s), LLMF_ERR_AUTH, "api_key_file /tmp: cannot be read; is it a directory?");
    end(&s);
}

/* ---- AWS ---- */

static void a_secret_of_aws(void **state) {
    static const struct {
        const char *name, *asks, *body, *key;
    } cases[] = {
        {"prod/openai", "\"SecretId\":\"prod/openai\"", "{\"SecretString\":\"" CANARY "-1\"}", CANARY "-1"},
        {"prod/openai#k\\u0065y", "\"SecretId\":\"prod/openai\"", "{\"SecretString\":\"{\\\"other\\\":1,\\\"k\\\\u0065y\\\":\\\"" CANARY "\\\\u002d1\\\"}\"}", CANARY "-1"},
        {"all", "\"SecretId\":\"all\"", "{\"SecretString\":\"{\\\"api_key\\\":\\\"x\\\",\\\"OPENAI_API_KEY\\\":\\\"" CANARY "-1\\\"}\"}", CANARY "-1"},
        {"all", "\"SecretId\":\"all\"", "{\"SecretString\":\"{\\\"a\\\":\\\"x\\\",\\\"api_key\\\":\\\"" CANARY "-1\\\"}\"}", CANARY "-1"},
        {"all", "\"SecretId\":\"all\"", "{\"SecretString\":\"{\\\"n\\\":1,\\\"it\\\":\\\"" CANARY "-1\\\"}\"}", CANARY "-1"},
        {"bin", "\"SecretId\":\"bin\"", "{\"SecretBinary\":\"c2stb2YtdHdlbnR5LWxldHRlcnMtY2FuYXJ5LTlkNDEtMQ==\"}", CANARY "-1"},
    };
    stage s;
    char config[300];
    size_t i;
    (void)state;
    for (i = 0; i < KIT_COUNT(cases); i++) {
        llmf_call c, d;
        snprintf(config, sizeof config, M("api_key_secret_name: \"%s\""), cases[i].name);
        open_with(&s, config);
        c = start(&s);
        d = start(&s); /* one asking serves both */
        assert_int_equal(s.p.starts, 1);
        assert_non_null(post_find(&s.p, "POST " STORE));
        assert_non_null(post_find(&s.p, "X-Amz-Target: secretsmanager.GetSecretValue"));
        assert_non_null(post_find(&s.p, "Credential=AKIDTEST/"));
        assert_non_null(post_find(&s.p, cases[i].asks));
        answer(&s, STORE, 200, cases[i].body);
        both_served(&s, c, d, cases[i].key);
        served(&s, start(&s), cases[i].key); /* kept */
        later(&s, 300001);
        assert_false(block_has(PART));
        c = start(&s);
        answer(&s, STORE, 200, "{\"SecretString\":\"" CANARY "-2\"}");
        if (strchr(cases[i].name, '#')) ends_with(&s, c, LLMF_ERR_AUTH, "no JSON object");
        else served(&s, c, CANARY "-2");
        end(&s);
    }
}

static void a_parameter_of_ssm(void **state) {
    stage s;
    llmf_call c;
    (void)state;
    open_with(&s, M("api_key_secret_name: 'ssm:/app/key#k'"));
    c = start(&s);
    assert_non_null(post_find(&s.p, "POST " PARAMETERS));
    assert_non_null(post_find(&s.p, "{\"Name\":\"/app/key\",\"WithDecryption\":true}"));
    answer(&s, PARAMETERS, 200, "{\"Parameter\":{\"Type\":\"SecureString\",\"Value\":\"{\\\"k\\\":\\\"" CANARY "-1\\\"}\"}}");
    served(&s, c, CANARY "-1");
    end(&s);
}

/* An instance's own keys are asked for first. */
static void keys_to_ask_with(void **state) {
    static const char *const none[] = {"AWS_REGION", "eu-west-1", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/keys", NULL};
    stage s;
    llmf_call c, d;
    (void)state;
    begin(&s, M("api_key_secret_name: prod"));
    s.w.env = none;
    open_stage(&s);
    c = start(&s);
    d = start(&s);
    assert_int_equal(s.p.starts, 1);
    answer(&s, "http://127.0.0.1:1/keys", 200, "{\"AccessKeyId\":\"ASIAKEYS\",\"SecretAccessKey\":\"x\",\"Token\":\"session\",\"Expiration\":\"2033-05-18T06:33:20Z\"}");
    assert_non_null(post_find(&s.p, "Credential=ASIAKEYS/"));
    assert_non_null(post_find(&s.p, "X-Amz-Security-Token: session"));
    answer(&s, STORE, 200, "{\"SecretString\":\"" CANARY "-1\"}");
    both_served(&s, c, d, CANARY "-1");
    end(&s);
    begin(&s, M("api_key_secret_name: prod"));
    s.w.env = none;
    open_stage(&s);
    c = start(&s);
    answer(&s, "http://127.0.0.1:1/keys", 404, "no");
    ends_with(&s, c, LLMF_ERR_AUTH, "api_key_secret_name prod: no keys to ask AWS with");
    end(&s);
}

static void aws_gives_none(void **state) {
    static const struct {
        int status;
        const char *body;
        int code;
        const char *says;
    } cases[] = {
        {400, "{\"__type\":\"ResourceNotFoundException\",\"message\":\"not there\"}", LLMF_ERR_AUTH, "ResourceNotFound"},
        {400, "{\"__type\":\"AccessDeniedException\",\"message\":\"no\"}", LLMF_ERR_AUTH, "AccessDenied"},
        {500, "{}", LLMF_ERR_SERVER, "500"},
        {200, "{}", LLMF_ERR_AUTH, "GetSecretValue"},
        {200, "{\"SecretString\":\"\"}", LLMF_ERR_AUTH, "empty"},
        {200, "{\"SecretString\":\"{\\\"a\\\":\\\"" CANARY "\\\",\\\"b\\\":\\\"" CANARY "\\\"}\"}", LLMF_ERR_AUTH, "neither OPENAI_API_KEY nor api_key, nor one text alone: write which member is the key, as NAME#member"},
        {0, "", LLMF_ERR_NETWORK, "AWS was not reached: as the test has it"},
    };
    stage s;
    size_t i;
    (void)state;
    for (i = 0; i < KIT_COUNT(cases); i++) {
        llmf_call c;
        int starts;
        open_with(&s, M("api_key_secret_name: prod"));
        c = start(&s);
        if (cases[i].status) post_answer(&s.p, STORE, cases[i].status, cases[i].body);
        else post_break(&s.p, STORE, LLMF_ERR_NETWORK);
        llmf_poll(s.f, 0);
        ends_with(&s, c, cases[i].code, cases[i].says);
        starts = s.p.starts;
        ends_with(&s, start(&s), cases[i].code, cases[i].says);
        assert_int_equal(s.p.starts, starts);
        later(&s, 10001);
        c = start(&s);
        answer(&s, STORE, 200, "{\"SecretString\":\"" CANARY "-1\"}");
        served(&s, c, CANARY "-1");
        end(&s);
    }
    open_with(&s, M("api_key_secret_name: prod#x"));
    {
        llmf_call c = start(&s);
        answer(&s, STORE, 200, "{\"SecretString\":\"{\\\"a\\\":\\\"" CANARY "\\\"}\"}");
        ends_with(&s, c, LLMF_ERR_AUTH, "api_key_secret_name prod#x: the JSON object that is stored there has no text of that name");
    }
    end(&s);
    open_with(&s, M("api_key_secret_name: prod"));
    {
        llmf_call c = start(&s);
        later(&s, 14999);
        assert_int_equal(ended(&s, c, NULL, 0, NULL), -1);
        later(&s, 2);
        llmf_poll(s.f, 0);
        ends_with(&s, c, LLMF_ERR_TIMEOUT, "AWS was not reached: no reply in time");
    }
    end(&s);
}

/* ---- the hook ---- */

static void a_hook(void **state) {
    stage s;
    llmf_call c;
    (void)state;
    begin(&s, M("api_key_secret_name: game/openai, api_key_env_var: NOT_SET"));
    s.d.secret = hook;
    open_stage(&s);
    s.b.result = 1;
    snprintf(s.b.key, sizeof s.b.key, CANARY "-1");
    served(&s, start(&s), CANARY "-1");
    assert_string_equal(s.b.saw, "openai m [game/openai] https://api.openai.com");
    snprintf(s.b.key, sizeof s.b.key, CANARY "-2");
    s.b.expires_ms = 60000;
    served(&s, start(&s), CANARY "-1");
    later(&s, 300001);
    served(&s, start(&s), CANARY "-2");
    later(&s, 60001); /* as it said itself */
    snprintf(s.b.key, sizeof s.b.key, CANARY "-3");
    served(&s, start(&s), CANARY "-3");
    assert_int_equal(s.b.calls, 3);
    later(&s, 60001);
    s.b.result = -LLMF_ERR_OVERLOADED;
    ends_with(&s, start(&s), LLMF_ERR_OVERLOADED, "llmf_desc.secret: overloaded");
    later(&s, 10001);
    s.b.result = -77;
    ends_with(&s, start(&s), LLMF_ERR_ARGUMENT, "no llmf_result");
    later(&s, 10001);
    s.b.result = 100000;
    ends_with(&s, start(&s), LLMF_ERR_ARGUMENT, "longer than llmf_secret_query.cap");
    later(&s, 10001);
    s.b.result = 0; /* it has none: the config counts */
    c = start(&s);
    answer(&s, STORE, 200, "{\"SecretString\":\"" CANARY "-4\"}");
    served(&s, c, CANARY "-4");
    end(&s);
}

static void a_hook_that_takes_its_time(void **state) {
    stage s;
    llmf_call c, d;
    llmf_request req = kit_request(false);
    (void)state;
    begin(&s, "{}");
    s.d.secret = hook;
    open_stage(&s);
    s.b.result = -1;
    req.timeouts.connect_ms = 3000;
    c = start_with(&s, "openai:gpt-4o", &req);
    d = start_with(&s, "openai:gpt-4o-mini", &req); /* the same key */
    assert_int_equal(s.f->secrets.pumped, 1);
    later(&s, 2000);
    assert_int_equal(ended(&s, c, NULL, 0, NULL), -1);
    s.b.result = 1;
    snprintf(s.b.key, sizeof s.b.key, CANARY "-1");
    llmf_poll(s.f, 0);
    both_served(&s, c, d, CANARY "-1");
    assert_int_equal(s.f->secrets.pumped, 0);
    later(&s, 300001);
    s.b.result = -1;
    c = start_with(&s, "openai:gpt-4o", &req);
    later(&s, 3001);
    ends_with(&s, c, LLMF_ERR_TIMEOUT, "it gave no key in time (timeouts.connect_ms)");
    later(&s, 10001);
    req.timeouts.total_ms = 1000; /* the call's own time holds too */
    c = start_with(&s, "openai:gpt-4o", &req);
    later(&s, 1001);
    ends_with(&s, c, LLMF_ERR_TIMEOUT, "timeouts.total_ms");
    end(&s);
}

/* Asked for providers that need a key only, and not where the program has said one. */
static void whom_the_hook_is_asked_for(void **state) {
    stage s;
    llmf_request req = kit_request(false);
    llmf_call c;
    (void)state;
    begin(&s, "{}");
    s.d.secret = hook;
    open_stage(&s);
    c = start_with(&s, "ollama:x", &req);
    assert_int_equal(s.b.calls, 0);
    assert_int_equal(post_waiting(&s.p), 1);
    llmf_free(s.f, c);
    end(&s);
    begin(&s, M("temperature: 1"));
    s.d.secret = hook;
    s.d.api_key = CANARY "-1";
    open_stage(&s);
    served(&s, start(&s), CANARY "-1");
    assert_int_equal(s.b.calls, 0);
    end(&s);
    begin(&s, M("headers: {Authorization: 'Bearer own'}, api_key_file: /nowhere")); /* the config's own header takes the key's place */
    s.d.secret = hook;
    open_stage(&s);
    served(&s, start(&s), "own");
    assert_int_equal(s.b.calls, 0);
    end(&s);
}

/* ---- commands ---- */

static int wait_for(stage *s, llmf_call c, char *error, size_t cap) {
    double until = kit_seconds() + 8;
    int code = ended(s, c, error, cap, NULL);
    while (code < 0 && !post_waiting(&s->p) && kit_seconds() < until) {
        llmf_poll(s->f, 0); /* a clock of the test's stands still while one waits */
        usleep(2000);
        code = ended(s, c, error, cap, NULL);
    }
    return code;
}

static void open_command(stage *s, const char *line, char *config, size_t cap) {
    begin(s, NULL);
    snprintf(config, cap, M("api_key_command: \"%s\""), line);
    s->d.config_text = config;
    s->d.allow_commands = 1;
    open_stage(s);
}

static void commands(void **state) {
    static const struct {
        const char *line;
        int code;
        const char *says;
    } cases[] = {
        {"echo " CANARY "-1; echo second", LLMF_OK, NULL},
        {"printf ' " CANARY "-1\\r\\n'", LLMF_OK, NULL},
        {"echo " CANARY "; exit 3", LLMF_ERR_AUTH, "api_key_command: it ended with status 3"},
        {"kill -9 $$", LLMF_ERR_AUTH, "ended by signal 9"},
        {"true", LLMF_ERR_AUTH, "it is empty"},
        {"yes " CANARY, LLMF_ERR_AUTH, "more than 16 KiB"},
        {"no-such-program-at-all 2>/dev/null", LLMF_ERR_AUTH, "status 127"},
        {"cat; echo " CANARY "-1", LLMF_OK, NULL}, /* nothing to read */
        {"echo " CANARY "-1; sleep 60 & exit 0", LLMF_OK, NULL}, /* what it leaves behind is not waited for */
    };
    stage s;
    char config[300], error[600];
    size_t i;
    double from = kit_seconds();
    (void)state;
    for (i = 0; i < KIT_COUNT(cases); i++) {
        llmf_call c;
        int code;
        open_command(&s, cases[i].line, config, sizeof config);
        c = start(&s);
        code = wait_for(&s, c, error, sizeof error);
        if (cases[i].code == LLMF_OK && code < 0) served(&s, c, CANARY "-1");
        else if (code != cases[i].code || !kit_has(error, cases[i].says)) fail_msg("%s: %d %s", cases[i].line, code, error);
        else llmf_free(s.f, c);
        end(&s);
    }
    assert_true(kit_seconds() - from < 8);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child is left */
}

/* Its time is up, it is cancelled, the factory closes: what it has started ends too. */
static void commands_that_do_not_end(void **state) {
    stage s;
    char config[300], pid[64];
    int way;
    (void)state;
    for (way = 0; way < 3; way++) {
        llmf_call c;
        FILE *file;
        int i, child = 0;
        open_command(&s, "sleep 77 & echo $! > $LLMF_TEST_PID; wait", config, sizeof config);
        snprintf(pid, sizeof pid, "%s.pid", s.path);
        unlink(pid);
        setenv("LLMF_TEST_PID", pid, 1);
        c = start(&s);
        for (i = 0; i < 800 && child == 0; i++) {
            llmf_poll(s.f, 0);
            usleep(5000);
            file = fopen(pid, "r");
            if (file && fscanf(file, "%d", &child) != 1) child = 0;
            if (file) fclose(file);
        }
        assert_true(child > 0 && kill(child, 0) == 0);
        assert_int_equal(ended(&s, c, NULL, 0, NULL), -1);
        if (way == 0) {
            later(&s, 30001);
            llmf_poll(s.f, 0);
            ends_with(&s, c, LLMF_ERR_TIMEOUT, "it did not end within 30 seconds");
        } else if (way == 1) {
            llmf_cancel(s.f, c);
            ends_with(&s, c, LLMF_ERR_CANCELLED, NULL);
        }
        end(&s);
        for (i = 0; i < 400 && kill(child, 0) == 0; i++) {
            char stat_path[64], line[128] = "";
            snprintf(stat_path, sizeof stat_path, "/proc/%d/stat", child);
            file = fopen(stat_path, "r");
            if (!file || !fgets(line, sizeof line, file) || strstr(line, ") Z")) i = 1000; /* ended; who adopts it has yet to look */
            if (file) fclose(file);
            usleep(5000);
        }
        assert_true(i >= 1000 || kill(child, 0) != 0);
        unlink(pid);
    }
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void commands_must_be_allowed(void **state) {
    stage s;
    llmf_model_info info;
    (void)state;
    open_with(&s, M("api_key_command: 'echo " CANARY "'"));
    ends_with(&s, start(&s), LLMF_ERR_AUTH, "set llmf_desc.allow_commands");
    assert_int_equal(llmf_describe(s.f, llmf_get(s.f, "m", NULL), &info), LLMF_OK);
    assert_false(info.has_key);
    end(&s);
}

/* ---- a key that is refused ---- */

static void refused_once(void **state) {
    stage s;
    llmf_call c;
    int64_t attempts = 0;
    (void)state;
    begin(&s, M("temperature: 1"));
    s.d.secret = hook;
    open_stage(&s);
    s.b.result = 1;
    snprintf(s.b.key, sizeof s.b.key, CANARY "-old");
    served(&s, start(&s), CANARY "-old");
    snprintf(s.b.key, sizeof s.b.key, CANARY "-new");
    c = start(&s);
    assert_non_null(post_find(&s.p, CANARY "-old"));
    answer(&s, OPENAI, 401, REFUSED);
    assert_int_equal(s.b.calls, 2);
    assert_int_equal(s.b.again, 1);
    assert_non_null(post_find(&s.p, "Bearer " CANARY "-new"));
    answer(&s, OPENAI, 200, ANSWER);
    assert_int_equal(ended(&s, c, NULL, 0, &attempts), LLMF_OK);
    assert_int_equal(attempts, 2);
    llmf_free(s.f, c);
    c = start(&s); /* refused for good: not again within the same call */
    answer(&s, OPENAI, 401, REFUSED);
    answer(&s, OPENAI, 401, REFUSED);
    assert_int_equal(post_waiting(&s.p), 0);
    assert_int_equal(s.b.calls, 3);
    ends_with(&s, c, LLMF_ERR_AUTH, "Incorrect API key provided");
    s.b.result = -LLMF_ERR_PERMISSION; /* and where there is no other one */
    c = start(&s);
    assert_int_equal(s.b.calls, 4); /* the one that was refused twice is forgotten */
    ends_with(&s, c, LLMF_ERR_AUTH, "llmf_desc.secret: permission");
    end(&s);
}

/* Many calls with the same key are refused at once: it is fetched once. */
static void a_burst_of_refusals(void **state) {
    enum { CALLS = 20 };
    stage s;
    llmf_call c[CALLS];
    int i, round;
    (void)state;
    begin(&s, M("api_key_secret_name: prod"));
    open_stage(&s);
    for (i = 0; i < CALLS; i++) c[i] = start(&s);
    answer(&s, STORE, 200, "{\"SecretString\":\"" CANARY "-old\"}");
    assert_int_equal(post_waiting(&s.p), CALLS);
    for (round = 0; round < 2; round++) { /* half of them before the new one has come, half behind it */
        for (i = 0; i < CALLS / 2; i++) answer(&s, CANARY "-old", 401, REFUSED);
        if (round == 0) answer(&s, STORE, 200, "{\"SecretString\":\"" CANARY "-new\"}");
    }
    assert_null(post_find(&s.p, STORE));
    assert_int_equal(s.p.starts, 2 + CALLS + CALLS);
    for (i = 0; i < CALLS; i++) answer(&s, CANARY "-new", 200, ANSWER);
    for (i = 0; i < CALLS; i++) ends_with(&s, c[i], LLMF_OK, NULL);
    end(&s);
}

/* A plain key that is refused is refused; a 401 behind content, or another status, fetches nothing. */
static void what_is_no_reason_to_fetch(void **state) {
    static const char *const env[] = {"OPENAI_API_KEY", CANARY "-env", NULL};
    stage s;
    llmf_call c;
    (void)state;
    begin(&s, M("temperature: 1"));
    s.w.env = env;
    open_stage(&s);
    c = start(&s);
    answer(&s, OPENAI, 401, REFUSED);
    ends_with(&s, c, LLMF_ERR_AUTH, NULL);
    assert_int_equal(s.p.starts, 1);
    end(&s);
    begin(&s, M("temperature: 1"));
    s.d.secret = hook;
    open_stage(&s);
    s.b.result = 1;
    snprintf(s.b.key, sizeof s.b.key, CANARY "-1");
    c = start(&s);
    answer(&s, OPENAI, 403, "{}");
    ends_with(&s, c, LLMF_ERR_PERMISSION, NULL);
    assert_int_equal(s.b.calls, 1);
    end(&s);
}

/* ---- cut short ---- */

static void cancelled_freed_closed(void **state) {
    stage s;
    llmf_call c[3];
    int i;
    (void)state;
    open_with(&s, M("api_key_secret_name: prod"));
    for (i = 0; i < 3; i++) c[i] = start(&s);
    llmf_cancel(s.f, c[0]);
    ends_with(&s, c[0], LLMF_ERR_CANCELLED, NULL);
    llmf_free(s.f, c[1]);
    answer(&s, STORE, 200, "{\"SecretString\":\"" CANARY "-1\"}");
    served(&s, c[2], CANARY "-1");
    assert_int_equal(s.p.cancels, 0);
    end(&s);
    open_with(&s, M("api_key_secret_name: prod"));
    llmf_free(s.f, start(&s)); /* all gone before it comes: kept for the next */
    answer(&s, STORE, 200, "{\"SecretString\":\"" CANARY "-1\"}");
    assert_int_equal(post_waiting(&s.p), 0);
    served(&s, start(&s), CANARY "-1");
    end(&s);
    open_with(&s, M("api_key_secret_name: prod"));
    start(&s);
    end(&s);
    begin(&s, M("api_key_secret_name: prod"));
    s.d.secret = hook;
    s.b.result = -1;
    open_stage(&s);
    start(&s);
    end(&s);
}

/* A reload while it is asked for: the call goes on as it began. */
static void reloaded(void **state) {
    stage s;
    llmf_call c, d;
    llmf_error err;
    char path[80];
    FILE *f;
    (void)state;
    begin(&s, NULL);
    snprintf(path, sizeof path, "%s.yaml", s.path);
    f = fopen(path, "wb");
    fputs(M("api_key_secret_name: one"), f);
    fclose(f);
    s.d.config = path;
    open_stage(&s);
    c = start(&s);
    f = fopen(path, "wb");
    fputs(M("api_key_secret_name: two"), f);
    fclose(f);
    assert_int_equal(llmf_reload(s.f, &err), LLMF_OK);
    d = start(&s);
    answer(&s, "\"SecretId\":\"one\"", 200, "{\"SecretString\":\"" CANARY "-1\"}");
    served(&s, c, CANARY "-1");
    answer(&s, "\"SecretId\":\"two\"", 200, "{\"SecretString\":\"" CANARY "-2\"}");
    served(&s, d, CANARY "-2");
    end(&s);
    unlink(path);
}

/* More keys than the table has room for: the one that was used longest ago goes. */
static void many_keys(void **state) {
    stage s;
    kit_text config;
    int i;
    (void)state;
    memset(&config, 0, sizeof config);
    kit_adds(&config, "models: {");
    for (i = 0; i < 40; i++) kit_addf(&config, "m%d: {provider: openai, model_id: gpt-4o, api_key_secret_name: s%d}, ", i, i);
    kit_adds(&config, "}");
    begin(&s, config.ptr);
    open_stage(&s);
    for (i = 0; i < 80; i++) {
        char name[16], value[100];
        llmf_request req = kit_request(false);
        llmf_call c;
        snprintf(name, sizeof name, "m%d", i % 40);
        snprintf(value, sizeof value, "{\"SecretString\":\"" CANARY "-%d\"}", i);
        c = start_with(&s, name, &req);
        answer(&s, STORE, 200, value);
        snprintf(value, sizeof value, CANARY "-%d", i);
        served(&s, c, value);
        assert_true(s.f->secrets.count <= LLMF_MAX_SECRETS);
    }
    assert_false(block_has(PART "-47"));
    {
        llmf_call c[33];
        for (i = 0; i < 33; i++) { /* all of them are asked for at once */
            char name[16];
            llmf_request req = kit_request(false);
            later(&s, i ? 0 : 300001);
            snprintf(name, sizeof name, "m%d", i);
            c[i] = start_with(&s, name, &req);
        }
        ends_with(&s, c[32], LLMF_ERR_LIMIT, "LLMF_MAX_SECRETS");
        for (i = 0; i < 32; i++) llmf_free(s.f, c[i]);
    }
    end(&s);
    kit_drop(&config);
}

/* ---- memory ---- */

/* Request n for memory is refused, and all behind it if `on`: the call ends one way or the other, and the next one works. False: fewer were made. */
static bool refuse(const char *config, bool with_hook, uint64_t n, bool on) {
    stage s;
    llmf_request req = kit_request(false);
    llmf_model m;
    llmf_call c;
    uint64_t asked;
    char error[600] = "";
    int code = LLMF_ERR_MEMORY, i;
    begin(&s, config);
    if (with_hook) s.d.secret = hook;
    open_stage(&s);
    write_key(&s, CANARY "-1\n");
    s.b.result = 1;
    snprintf(s.b.key, sizeof s.b.key, CANARY "-1");
    m = llmf_get(s.f, "m", NULL);
    asked = s.f->heap.requests;
    llmf_fail_memory(s.f, n, on);
    c = llmf_start(s.f, m, &req);
    llmf_poll(s.f, 0);
    for (i = 0; i < 3 && post_waiting(&s.p); i++) answer(&s, "", 200, post_find(&s.p, STORE) ? "{\"SecretString\":\"{\\\"api_key\\\":\\\"" CANARY "-1\\\"}\"}" : ANSWER);
    if (c.id) code = ended(&s, c, error, sizeof error, NULL);
    asked = s.f->heap.requests - asked;
    llmf_fail_memory(s.f, 0, false);
    if (code != LLMF_OK && code != LLMF_ERR_MEMORY) fail_msg("request %d refused: %d %s", (int)n, code, error);
    if (c.id) llmf_free(s.f, c);
    later(&s, 1001);
    c = start(&s);
    if (post_find(&s.p, STORE)) answer(&s, STORE, 200, "{\"SecretString\":\"" CANARY "-1\"}");
    served(&s, c, CANARY "-1");
    end(&s);
    return asked >= n;
}

static void each_request_refused(void **state) {
    char file[200];
    int on, which;
    (void)state;
    snprintf(file, sizeof file, M("api_key_file: /tmp/llmf-secret-%d"), (int)getpid());
    for (which = 0; which < 3; which++)
        for (on = 0; on < 2; on++) {
            uint64_t n = 1;
            while (refuse(which == 0 ? M("api_key_secret_name: prod") : which == 1 ? file : M("temperature: 1"), which == 2, n, on != 0)) n++;
            printf("%d requests refused%s\n", (int)n - 1, on ? ", and all after each" : "");
            assert_true(n > 5);
        }
}

/* ---- order, and what is told of keys ---- */

static void what_comes_first(void **state) {
    static const struct {
        const char *config, *variable, *key; /* key: what is sent, or "" where the store is asked */
    } cases[] = {
        {M("api_key: one, api_key_env_var: TWO, api_key_env_vars: [THREE], api_key_file: FILE, api_key_secret_name: s, api_key_command: c"), "TWO", "one"},
        {M("api_key_env_var: TWO, api_key_env_vars: [THREE], api_key_file: FILE"), "TWO", "of-TWO"},
        {M("api_key_env_var: TWO, api_key_env_vars: [THREE], api_key_file: FILE"), "THREE", "of-THREE"},
        {M("api_key_env_vars: [THREE], api_key_file: FILE, api_key_secret_name: s"), "THREE", "of-THREE"},
        {M("api_key_env_var: TWO, api_key_env_vars: [THREE], api_key_file: FILE, api_key_secret_name: s"), "OPENAI_API_KEY", "of-file"},
        {M("api_key_secret_name: s, api_key_command: c"), "OPENAI_API_KEY", ""},
        {M("temperature: 1") "\nproviders: {openai: {api_key_file: FILE}}", "OPENAI_API_KEY", "of-file"},
        {M("api_key_secret_name: s") "\nproviders: {openai: {api_key: one}}", "OPENAI_API_KEY", ""},
        {M("api_key_env_var: TWO") "\nproviders: {openai: {api_key_env_var: FOUR, api_key_secret_name: s}}", "OPENAI_API_KEY", ""},
        {M("api_key_file: FILE") "\nproviders: {openai: {api_key_env_vars: [THREE]}}", "THREE", "of-file"},
    };
    size_t i;
    (void)state;
    for (i = 0; i < KIT_COUNT(cases); i++) {
        const char *env[] = {"AWS_REGION", "eu-west-1", "AWS_ACCESS_KEY_ID", "AKIDTEST", "AWS_SECRET_ACCESS_KEY", "aws-secret", NULL, NULL, NULL};
        char value[64], config[500], *at;
        stage s;
        llmf_call c;
        llmf_model_info info;
        begin(&s, NULL);
        snprintf(config, sizeof config, "%s", cases[i].config);
        at = strstr(config, "FILE");
        if (at) {
            char rest[400];
            snprintf(rest, sizeof rest, "%s", at + 4);
            snprintf(at, sizeof config - (size_t)(at - config), "%s%s", s.path, rest);
        }
        s.d.config_text = config;
        snprintf(value, sizeof value, "of-%s", cases[i].variable);
        env[6] = cases[i].variable;
        env[7] = value;
        s.w.env = env;
        open_stage(&s);
        write_key(&s, "of-file");
        assert_int_equal(llmf_describe(s.f, llmf_get(s.f, "m", NULL), &info), LLMF_OK);
        assert_true(info.has_key);
        c = start(&s);
        if (!cases[i].key[0]) {
            if (!post_find(&s.p, STORE)) fail_msg("case %d", (int)i);
            llmf_free(s.f, c);
        } else {
            served(&s, c, cases[i].key);
        }
        end(&s);
    }
}

/* Looking at a request, and replaying one, fetches nothing. */
static void looked_at_only(void **state) {
    stage s;
    llmf_preview p;
    llmf_request req = kit_request(false);
    llmf_recording r = kit_recording(200, ANSWER);
    llmf_response res;
    size_t i;
    bool seen = false;
    (void)state;
    begin(&s, M("api_key_file: /nowhere"));
    s.d.secret = hook;
    open_stage(&s);
    assert_int_equal(llmf_preview_request(s.f, llmf_get(s.f, "m", NULL), &req, &p), LLMF_OK);
    for (i = 0; i < p.header_count; i++) seen = seen || (kit_is(p.headers[i].name, "Authorization") && kit_has(p.headers[i].value.ptr, "REDACTED"));
    assert_true(seen);
    assert_int_equal(s.b.calls, 0);
    llmf_free(s.f, p.call);
    end(&s);
    begin(&s, M("api_key_file: /nowhere"));
    s.d.secret = hook;
    s.d.custom_transport = NULL;
    s.d.transport = "replay";
    open_stage(&s);
    llmf_replay(s.f, &r);
    assert_int_equal(llmf_generate(s.f, llmf_get(s.f, "m", NULL), &req, &res), LLMF_OK);
    assert_int_equal(s.b.calls, 0);
    llmf_release(s.f, &res);
    end(&s);
}

/* While one is fetched llmf_generate waits, and a chain goes on where it fails. */
static void in_a_chain(void **state) {
    stage s;
    llmf_response r;
    llmf_request req = kit_request(false);
    llmf_call c;
    (void)state;
    open_with(&s, "models: {m: {provider: openai, model_id: a, api_key_file: /nowhere, fallbacks: [n]}, n: {provider: openai, model_id: b, api_key: " CANARY "-2}}");
    c = start(&s);
    served(&s, c, CANARY "-2");
    end(&s);
    begin(&s, NULL);
    s.d.config_text = M("api_key_command: 'sleep 0.1; echo'");
    s.d.allow_commands = 1;
    s.d.clock_ns = NULL;
    open_stage(&s);
    assert_int_equal(llmf_generate(s.f, llmf_get(s.f, "m", NULL), &req, &r), LLMF_ERR_AUTH);
    assert_true(kit_has(r.error.text, "it is empty"));
    llmf_release(s.f, &r);
    end(&s);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file),
        cmocka_unit_test(how_long_it_is_kept),
        cmocka_unit_test(files_that_give_none),
        cmocka_unit_test(a_secret_of_aws),
        cmocka_unit_test(a_parameter_of_ssm),
        cmocka_unit_test(keys_to_ask_with),
        cmocka_unit_test(aws_gives_none),
        cmocka_unit_test(a_hook),
        cmocka_unit_test(a_hook_that_takes_its_time),
        cmocka_unit_test(whom_the_hook_is_asked_for),
        cmocka_unit_test(commands),
        cmocka_unit_test(commands_that_do_not_end),
        cmocka_unit_test(commands_must_be_allowed),
        cmocka_unit_test(refused_once),
        cmocka_unit_test(a_burst_of_refusals),
        cmocka_unit_test(what_is_no_reason_to_fetch),
        cmocka_unit_test(cancelled_freed_closed),
        cmocka_unit_test(reloaded),
        cmocka_unit_test(many_keys),
        cmocka_unit_test(each_request_refused),
        cmocka_unit_test(what_comes_first),
        cmocka_unit_test(looked_at_only),
        cmocka_unit_test(in_a_chain),
    };
    return cmocka_run_group_tests_name("secrets", tests, NULL, NULL);
}
