/* Keys by name, fetched when a call first needs one, kept for a while and wiped behind it. One fetch serves all calls that wait for the same key.

     hook       llmf_desc.secret: the program's own; short-lived tokens of a broker
     file       api_key_file, read anew when what was read is old: so a file that is replaced is seen
     store      api_key_secret_name: AWS Secrets Manager, or ssm:/name of the Parameter Store (factory/aws_services.h), by the factory's own transports
     command    api_key_command, by /bin/sh, where llmf_desc.allow_commands is set

   Each is one entry of a small table by what it is asked with. A key that its provider refuses (401) is forgotten, and fetched anew for the next attempt. What could not
   be fetched is not tried again for a while. Keys are in the heap only, each in one piece that is wiped before it goes. */
#ifndef LLMFI_ENGINE_SECRETS_H
#define LLMFI_ENGINE_SECRETS_H
#include "../factory/aws_services.h"
#include "../factory/origin.h"
#include "../net/program.h"
#include "keys.h"

#if LLMF_HAS_SECRETS

#define LLMFI_HAS_STORES LLMF_HAS_CONFIG
#if LLMF_HAS_CONFIG && LLMF_HAS_SOCKETS && !defined(_WIN32)
#define LLMFI_HAS_COMMANDS 1
#else
#define LLMFI_HAS_COMMANDS 0
#endif

/* Milliseconds: that a key is kept where nobody says (llmf_desc.secret_ttl_ms), and at least; that a failure is remembered, one for want of memory, and that the hook
   has none; of a fetch from AWS and of a command; between two looks at a command or the hook. */
enum { LLMFI_SECRET_TTL_MS = 300000, LLMFI_SECRET_LEAST_MS = 1000, LLMFI_SECRET_FAILED_MS = 10000, LLMFI_SECRET_MEMORY_MS = 1000, LLMFI_SECRET_ABSENT_MS = 1000 };
enum { LLMFI_SECRET_CONNECT_MS = 5000, LLMFI_SECRET_TOTAL_MS = 15000, LLMFI_SECRET_COMMAND_MS = 30000, LLMFI_SECRET_HOOK_MS = 10000, LLMFI_SECRET_PUMP_MS = 10 };
/* Bytes: of a key, of what the hook may write, of a reply from AWS. */
enum { LLMFI_SECRET_MOST = 16384, LLMFI_SECRET_HOOK = 8192, LLMFI_SECRET_BODY = 32768 };

enum { LLMFI_SECRET_NONE, LLMFI_SECRET_ASKING, LLMFI_SECRET_READY, LLMFI_SECRET_ABSENT, LLMFI_SECRET_FAILED };
/* What a secret is asked with: of the hook provider, api_key_secret_name, origin, and the model that asks first, which is no part of its name; of a store its
   reference, and the variable whose member is looked for in JSON; of the others the path or the command. */
enum { LLMFI_SECRET_NAMES = 3, LLMFI_SECRET_PARTS = 4 };

#if LLMFI_HAS_STORES
typedef struct llmfi_secret_store {
    llmfi_arena arena;
    llmfi_service_place place;
    llmfi_service_request request;
    llmfi_service_signed headers;
    llmfi_fetch fetch;
} llmfi_secret_store;
#endif

typedef struct llmfi_secret {
    struct llmfi_secret *next;
    uint32_t id;                             /* of this fetch of it: each has its own, so that an old key's refusal does not forget a new one */
    uint32_t used;                           /* the smallest was used longest ago */
    int kind, state;                         /* LLMFI_FETCH_…; LLMFI_SECRET_… */
    bool again;                              /* the last one was refused */
    uint64_t until_ns;                       /* the state holds until then; ASKING of hook and command: it is too late */
    llmf_str part[LLMFI_SECRET_PARTS];       /* in the same piece of the heap, NUL behind each */
    llmfi_buf value;
    llmf_error why;                          /* of FAILED */
#if LLMFI_HAS_STORES
    bool wants_keys;                         /* of AWS, to sign with: see keys.h */
    llmfi_secret_store *store;               /* of a fetch under way */
#endif
#if LLMFI_HAS_COMMANDS
    pid_t pid;                               /* 0: none runs */
    int out;                                 /* its output; -1 */
#endif
} llmfi_secret;

/* ---- the table ---- */

static void llmfi_secret_wipe(llmfi_buf *b) {
    if (b->ptr) llmfi_wipe(llmfi_str(b->ptr, b->cap));
    llmfi_buf_free(b);
}

static llmfi_secret *llmfi_secret_by_id(const llmf_factory *f, uint32_t id) {
    llmfi_secret *s = f->secrets.first;
    while (s && s->id != id) s = s->next;
    return s;
}

static uint32_t llmfi_secret_next_id(llmf_factory *f) {
    if (++f->secrets.last_id == 0) f->secrets.last_id = 1;
    return f->secrets.last_id;
}

/* What held is over: there is no key now. */
static void llmfi_secret_forget(llmfi_secret *s) {
    llmfi_secret_wipe(&s->value);
    s->state = LLMFI_SECRET_NONE;
}

#if LLMFI_HAS_STORES
static void llmfi_secret_store_free(llmf_factory *f, llmfi_secret *s) {
    llmfi_secret_store *store = s->store;
    if (!store) return;
    llmfi_fetch_close(&store->fetch);
    llmfi_service_signed_free(&store->headers);
    llmfi_service_request_free(&store->request);
    llmfi_arena_free(&store->arena);
    llmfi_heap_free(&f->heap, store);
    s->store = NULL;
}
#endif

#if LLMFI_HAS_COMMANDS
static void llmfi_secret_kill(llmf_factory *f, llmfi_secret *s);
#endif

static void llmfi_secret_free(llmf_factory *f, llmfi_secret *s) {
    llmfi_secret **link = &f->secrets.first;
    while (*link && *link != s) link = &(*link)->next;
    if (*link) *link = s->next;
#if LLMFI_HAS_STORES
    llmfi_secret_store_free(f, s);
#endif
#if LLMFI_HAS_COMMANDS
    llmfi_secret_kill(f, s);
#endif
    llmfi_secret_wipe(&s->value);
    llmfi_wipe(llmfi_str((const char *)s, llmfi_heap_size(&f->heap, s))); /* commands may hold keys too */
    llmfi_heap_free(&f->heap, s);
    f->secrets.count--;
}

static void llmfi_secrets_close(llmf_factory *f) {
    while (f->secrets.first) llmfi_secret_free(f, f->secrets.first);
}

/* Makes room for one more. False: all are being asked for. */
static bool llmfi_secret_room(llmf_factory *f) {
    llmfi_secret *s, *oldest = NULL;
    if (f->secrets.count < LLMF_MAX_SECRETS) return true;
    for (s = f->secrets.first; s; s = s->next)
        if (s->state != LLMFI_SECRET_ASKING && (!oldest || s->used < oldest->used)) oldest = s;
    if (!oldest) return false;
    llmfi_secret_free(f, oldest);
    return true;
}

static llmfi_secret *llmfi_secret_new(llmf_factory *f, int kind, const llmf_str *part) {
    size_t i, len = 0;
    llmfi_secret *s;
    char *text;
    for (i = 0; i < LLMFI_SECRET_PARTS; i++) len += part[i].len + 1;
    s = (llmfi_secret *)llmfi_heap_alloc(&f->heap, sizeof *s + len);
    if (!s) return NULL;
    memset(s, 0, sizeof *s + len);
    text = (char *)(s + 1);
    for (i = 0; i < LLMFI_SECRET_PARTS; i++) {
        s->part[i] = llmfi_str(text, part[i].len);
        if (part[i].len) memcpy(text, part[i].ptr, part[i].len);
        text += part[i].len + 1;
    }
    s->kind = kind;
    s->id = llmfi_secret_next_id(f);
    llmfi_buf_init(&s->value, &f->heap, LLMFI_SECRET_MOST);
#if LLMFI_HAS_COMMANDS
    s->out = -1;
#endif
    s->next = f->secrets.first;
    f->secrets.first = s;
    f->secrets.count++;
    return s;
}

/* Found, or made. NULL with *err. */
static llmfi_secret *llmfi_secret_named(llmf_factory *f, int kind, const llmf_str *part, llmf_error *err) {
    llmfi_secret *s;
    size_t i;
    for (s = f->secrets.first; s; s = s->next) {
        for (i = 0; s->kind == kind && i < LLMFI_SECRET_NAMES && llmfi_eq(s->part[i], part[i]);) i++;
        if (i == LLMFI_SECRET_NAMES) return s;
    }
    if (!llmfi_secret_room(f)) {
        llmfi_error_set(err, LLMF_ERR_LIMIT, "more keys are being fetched at once than LLMF_MAX_SECRETS: build with a larger limit");
        return NULL;
    }
    s = llmfi_secret_new(f, kind, part);
    if (!s) llmfi_error_memory(err);
    return s;
}

/* ---- how a fetch ends ---- */

static void llmfi_secret_holds(llmf_factory *f, llmfi_secret *s, int state, int64_t ms) {
    if (s->state == LLMFI_SECRET_ASKING && (s->kind == LLMFI_FETCH_HOOK || s->kind == LLMFI_FETCH_COMMAND)) f->secrets.pumped--;
    if (s->state == LLMFI_SECRET_ASKING) f->deferred = true; /* somebody may wait */
    s->state = state;
    s->until_ns = llmfi_after_ms(f->now_ns, ms);
    if (state == LLMFI_SECRET_READY && s->until_ns < f->next_deadline_ns) f->next_deadline_ns = s->until_ns;
}

/* A failure that is not the provider's: AWS's own words for it count as no key. */
static void llmfi_secret_failed(llmf_factory *f, llmfi_secret *s, const llmf_error *why) {
    llmfi_secret_wipe(&s->value);
    s->why = *why;
    s->why.http_status = 0;
    s->why.message = llmfi_str("", 0);
    if (why->code == LLMF_ERR_PERMISSION || why->code == LLMF_ERR_NOT_FOUND || why->code == LLMF_ERR_BAD_REQUEST || why->code == LLMF_ERR_PROTOCOL) s->why.code = LLMF_ERR_AUTH;
    llmfi_secret_holds(f, s, LLMFI_SECRET_FAILED, why->code == LLMF_ERR_MEMORY ? LLMFI_SECRET_MEMORY_MS : LLMFI_SECRET_FAILED_MS);
}

/* Begins the reason with what was asked for: "api_key_file /run/key: ". */
static llmfi_text llmfi_secret_error(const llmfi_secret *s, int code, llmf_error *err) {
    static const char names[] = "\0llmf_desc.secret\0api_key_file \0api_key_secret_name \0api_key_command";
    llmfi_text t = llmfi_error_begin(err, code);
    llmfi_say_c(&t, llmfi_word_at(names, s->kind));
    if (s->kind != LLMFI_FETCH_COMMAND && s->kind != LLMFI_FETCH_HOOK) llmfi_say_path(&t, s->part[0]); /* a command may hold anything */
    LLMFI_SAY(&t, ": ");
    return t;
}

static void llmfi_secret_fail(llmf_factory *f, llmfi_secret *s, int code, const char *what) {
    llmf_error err;
    llmfi_text t = llmfi_secret_error(s, code, &err);
    llmfi_say_c(&t, what);
    llmfi_secret_failed(f, s, &err);
}

static void llmfi_secret_no_memory(llmf_factory *f, llmfi_secret *s) {
    llmf_error err;
    llmfi_error_memory(&err);
    llmfi_secret_failed(f, s, &err);
}

/* Milliseconds that a key is kept. asked: as the hook has it; 0: it does not say. */
static int64_t llmfi_secret_ttl(const llmf_factory *f, int64_t asked) {
    int64_t ms = asked > 0 ? asked : f->desc.secret_ttl_ms ? f->desc.secret_ttl_ms : (int64_t)LLMFI_SECRET_TTL_MS;
    if (ms < 0) return INT64_MAX; /* until it is refused */
    return ms < LLMFI_SECRET_LEAST_MS ? (int64_t)LLMFI_SECRET_LEAST_MS : ms;
}

/* The key has come; `value` is the caller's, to be wiped by it. */
static void llmfi_secret_got(llmf_factory *f, llmfi_secret *s, llmf_str value, int64_t ms) {
    value = llmfi_trim(value);
    llmfi_secret_wipe(&s->value);
    if (!value.len) {
        llmfi_secret_fail(f, s, LLMF_ERR_AUTH, LLMFI_WORDS("no key is in it: it is empty"));
    } else if (value.len > LLMFI_SECRET_MOST) {
        llmfi_secret_fail(f, s, LLMF_ERR_AUTH, LLMFI_WORDS("what is in it is no key: it is longer than 16 KiB"));
    } else if (!llmfi_buf_add(&s->value, value.ptr, value.len)) {
        llmfi_secret_no_memory(f, s);
    } else {
        s->again = false;
        llmfi_secret_holds(f, s, LLMFI_SECRET_READY, llmfi_secret_ttl(f, ms));
    }
}

/* ---- the hook ---- */

static void llmfi_secret_ask_hook(llmf_factory *f, llmfi_secret *s) {
    llmf_secret_query q;
    char *room = (char *)llmfi_heap_alloc(&f->heap, LLMFI_SECRET_HOOK);
    int got;
    if (!room) {
        llmfi_secret_no_memory(f, s);
        return;
    }
    memset(&q, 0, sizeof q);
    q.provider = s->part[0].ptr;
    q.name = s->part[1].ptr;
    q.origin = s->part[2].ptr;
    q.model = s->part[3].ptr;
    q.again = s->again;
    q.out = room;
    q.cap = LLMFI_SECRET_HOOK;
    got = f->desc.secret(f->desc.user, &q);
    if (got > LLMFI_SECRET_HOOK) llmfi_secret_fail(f, s, LLMF_ERR_ARGUMENT, LLMFI_WORDS("it says that its key is longer than llmf_secret_query.cap"));
    else if (got > 0) llmfi_secret_got(f, s, llmfi_str(room, (size_t)got), q.expires_ms);
    else if (got == 0) llmfi_secret_holds(f, s, LLMFI_SECRET_ABSENT, LLMFI_SECRET_ABSENT_MS);
    else if (got < -LLMF_ERR_ALL_FAILED) llmfi_secret_fail(f, s, LLMF_ERR_ARGUMENT, LLMFI_WORDS("its result is no llmf_result"));
    else if (got < -1) llmfi_secret_fail(f, s, -got, llmf_result_name(-got));
    else if (f->now_ns >= s->until_ns) llmfi_secret_fail(f, s, LLMF_ERR_TIMEOUT, LLMFI_WORDS("it gave no key in time (timeouts.connect_ms)"));
    llmfi_wipe(llmfi_str(room, LLMFI_SECRET_HOOK));
    llmfi_heap_free(&f->heap, room);
}

/* ---- files ---- */

#if LLMF_HAS_CONFIG && LLMF_HAS_FILES

/* Without the C library's buffer, which nobody would wipe. */
static void llmfi_secret_read(llmf_factory *f, llmfi_secret *s) {
    size_t len = 0, n = 1;
    char *room = (char *)llmfi_heap_alloc(&f->heap, LLMFI_SECRET_MOST + 1);
    FILE *file = room ? fopen(s->part[0].ptr, "rb") : NULL;
    bool denied = room && !file && errno == EACCES, broken = false;
    if (!room) {
        llmfi_secret_no_memory(f, s);
        return;
    }
    if (file) {
        setvbuf(file, NULL, _IONBF, 0);
        while (len <= LLMFI_SECRET_MOST && (n = fread(room + len, 1, LLMFI_SECRET_MOST + 1 - len, file)) > 0) len += n;
        broken = ferror(file) != 0;
        fclose(file);
    }
    if (!file) llmfi_secret_fail(f, s, LLMF_ERR_AUTH, denied ? LLMFI_WORDS("may not be read; look at its permissions") : LLMFI_WORDS("cannot be opened; is the path right?"));
    else if (broken) llmfi_secret_fail(f, s, LLMF_ERR_AUTH, LLMFI_WORDS("cannot be read; is it a directory?"));
    else llmfi_secret_got(f, s, llmfi_str(room, len), 0);
    llmfi_wipe(llmfi_str(room, LLMFI_SECRET_MOST + 1));
    llmfi_heap_free(&f->heap, room);
}

#elif LLMF_HAS_CONFIG

static void llmfi_secret_read(llmf_factory *f, llmfi_secret *s) {
    llmfi_secret_fail(f, s, LLMF_ERR_NOT_BUILT, LLMFI_WORDS("this build reads no files: build without LLMF_NO_FILES, or, with LLMF_ONLY, add LLMF_WITH_FILES=1"));
}

#endif

/* ---- stores ---- */

#if LLMFI_HAS_STORES

/* "ssm:/app/key#field": operation, name and field. */
static int llmfi_secret_reference(const llmfi_secret *s, llmf_str *name, llmf_str *field) {
    size_t mark;
    bool ssm = llmfi_starts(s->part[0], LLMFI_LIT("ssm:"));
    *name = ssm ? llmfi_from(s->part[0], 4) : s->part[0];
    mark = llmfi_find_char(*name, '#');
    *field = mark == LLMFI_NOWHERE ? llmfi_str("", 0) : llmfi_from(*name, mark + 1);
    if (mark != LLMFI_NOWHERE) name->len = mark;
    return ssm ? LLMFI_SERVICE_SSM_GET : LLMFI_SERVICE_SECRET_GET;
}

/* What AWS is asked, signed. False with *err. */
static bool llmfi_secret_request(llmf_factory *f, const llmfi_secret *s, const llmfi_aws_keys *keys, llmf_error *err) {
    llmfi_secret_store *store = s->store;
    llmf_str name, field;
    int op = llmfi_secret_reference(s, &name, &field);
    size_t i;
    if (!llmfi_service_locate(&store->place, op, name, s->part[0], &f->env, &store->arena, err)) return false;
    if (!(op == LLMFI_SERVICE_SSM_GET ? llmfi_ssm_get(&store->request, &store->place, name, err)
                                      : llmfi_secret_get(&store->request, &store->place, name, llmfi_str("", 0), err))) return false;
    if (!llmfi_service_sign(&store->request, keys, llmfi_wall(f), &store->headers, err)) return false;
    for (i = 0; i < store->headers.header_count && i < LLMFI_FETCH_HEADERS; i++) store->fetch.headers[i] = store->headers.headers[i];
    store->fetch.out = llmfi_buf_str(&store->request.body);
    return llmfi_buf_reserve(&store->fetch.body, LLMFI_SECRET_BODY) || llmfi_error_memory(err); /* at once: growing, it would leave copies behind */
}

static void llmfi_secret_ask_store(llmf_factory *f, llmfi_secret *s) {
    llmfi_aws_keys keys;
    llmf_error err;
    llmf_str none = llmfi_str("", 0);
    int got = llmfi_aws_find_named(&f->keys.aws, none, &f->env, llmfi_wall(f), &keys, &err);
    s->wants_keys = got == LLMFI_AWS_ASK;
    if (s->wants_keys) {
        llmfi_keys_ask(f);
        return;
    }
    if (got == LLMFI_AWS_NONE && err.code == LLMF_OK) {
        llmfi_text t = llmfi_secret_error(s, LLMF_ERR_AUTH, &err);
        LLMFI_SAY(&t, "no keys to ask AWS with: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE; ");
        llmfi_say_c(&t, f->keys.aws.why);
    }
    if (got == LLMFI_AWS_NONE) {
        llmfi_secret_failed(f, s, &err);
        return;
    }
    s->store = (llmfi_secret_store *)llmfi_heap_alloc(&f->heap, sizeof *s->store);
    if (!s->store) {
        llmfi_secret_no_memory(f, s);
        return;
    }
    memset(s->store, 0, sizeof *s->store);
    llmfi_arena_init(&s->store->arena, &f->heap, 0);
    llmfi_service_request_init(&s->store->request, &f->heap);
    llmfi_service_signed_init(&s->store->headers, &f->heap);
    llmfi_fetch_init(&s->store->fetch, f, LLMFI_SECRET_BODY);
    if (llmfi_secret_request(f, s, &keys, &err)) {
        llmfi_fetch_start(&s->store->fetch, s->store->request.method, llmfi_buf_str(&s->store->request.url), s->store->headers.header_count, LLMFI_SECRET_CONNECT_MS,
                          LLMFI_SECRET_TOTAL_MS);
        return;
    }
    llmfi_secret_store_free(f, s);
    llmfi_secret_failed(f, s, &err);
}

/* The member that is the key, decoded, where the text is an object; found 0: it is none, 1: the key is *value, -1: it is, but none of its members is the key. */
static int llmfi_secret_member(llmf_str text, llmf_str field, llmf_str variable, llmfi_arena *a, llmf_str *value) {
    llmf_str best[3];                        /* by what they are looked for: field or variable, api_key, the only one */
    size_t texts = 0, i;
    llmfi_json j;
    for (i = 0; i < 3; i++) best[i] = llmfi_str(NULL, 0);
    llmfi_json_init(&j, llmfi_trim(text), true);
    if (!llmfi_json_enter(&j, LLMFI_J_OBJECT)) return 0;
    while (llmfi_json_next(&j) == LLMFI_J_KEY) {
        int place = llmfi_json_is(&j, field.len ? field : variable) ? 0 : llmfi_json_is(&j, LLMFI_LIT("api_key")) ? 1 : 2;
        if (llmfi_json_scalar(&j) != LLMFI_J_STRING) continue;
        best[place] = llmfi_json_copy(&j, a);
        texts++;
    }
    if (j.error || llmfi_json_next(&j) != LLMFI_J_END) return 0;
    for (i = 0; i < 3; i++) {
        if (!best[i].ptr || (field.len && i) || (i == 2 && texts > 1)) continue;
        *value = best[i];
        return 1;
    }
    return -1;
}

/* The value of a store means this key. */
static void llmfi_secret_stored(llmf_factory *f, llmfi_secret *s, llmf_str text, llmf_str field) {
    llmfi_arena arena;
    llmf_str value = text;
    llmf_error err;
    llmfi_text t;
    int got;
    llmfi_arena_init(&arena, &f->heap, 0);
    got = llmfi_secret_member(text, field, s->part[1], &arena, &value);
    if (arena.failed) {
        llmfi_secret_no_memory(f, s);
    } else if (got > 0 || (!got && !field.len)) {
        llmfi_secret_got(f, s, value, 0);
    } else {
        t = llmfi_secret_error(s, LLMF_ERR_AUTH, &err);
        if (!got) {
            LLMFI_SAY(&t, "what is stored there is no JSON object: write the name without #");
        } else if (field.len) {
            LLMFI_SAY(&t, "the JSON object that is stored there has no text of that name");
        } else {
            LLMFI_SAY(&t, "the JSON object that is stored there has neither ");
            llmfi_say(&t, s->part[1]);
            LLMFI_SAY(&t, " nor api_key, nor one text alone: write which member is the key, as NAME#member");
        }
        llmfi_secret_failed(f, s, &err);
    }
    llmfi_config_wipe(&arena);
    llmfi_arena_free(&arena);
}

/* What has come from AWS. */
static void llmfi_secret_answer(llmf_factory *f, llmfi_secret *s) {
    llmfi_fetch *x = &s->store->fetch;
    llmf_str name, field, region;
    int op = llmfi_secret_reference(s, &name, &field);
    llmfi_buf text;
    llmfi_out o;
    llmf_error err;
    bool good = false;
    llmfi_buf_init(&text, &f->heap, 0);
    llmfi_error_clear(&err);
    if (x->result != LLMF_OK) {
        llmfi_text t = llmfi_secret_error(s, x->result, &err);
        LLMFI_SAY(&t, "AWS was not reached: ");
        llmfi_say_c(&t, x->why);
    } else if (llmfi_service_judge(op, x->status, llmfi_str("", 0), llmfi_str("", 0), llmfi_buf_str(&x->body), s->part[0], &region, &err) == LLMFI_SERVICE_GOOD) {
        llmfi_out_buf(&o, &text);
        good = llmfi_buf_reserve(&text, 3 * x->body.len) && llmfi_service_value(op, llmfi_buf_str(&x->body), s->part[0], &o, NULL, &err);
        if (!good && err.code == LLMF_OK) llmfi_error_memory(&err);
    }
    if (good) llmfi_secret_stored(f, s, llmfi_buf_str(&text), field);
    else llmfi_secret_failed(f, s, &err);
    llmfi_secret_wipe(&text);
    llmfi_secret_store_free(f, s);
}

#endif

/* ---- commands ---- */

#if LLMFI_HAS_COMMANDS

static void llmfi_secret_kill(llmf_factory *f, llmfi_secret *s) {
    (void)f;
    if (s->out >= 0) close(s->out);
    s->out = -1;
    llmfi_program_end(&s->pid, 0);
}

/* /bin/sh -c LINE: nothing to read, its output to us. 0: it runs; else the system's error. */
static int llmfi_secret_spawn(llmfi_secret *s, int out) {
    const char *argv[4];
    argv[0] = "/bin/sh", argv[1] = "-c", argv[2] = s->part[0].ptr, argv[3] = NULL;
    return llmfi_program_start(&s->pid, argv, -1, out);
}

static void llmfi_secret_ask_command(llmf_factory *f, llmfi_secret *s) {
    int ends[2];
    if (!f->desc.allow_commands) {
        llmfi_secret_fail(f, s, LLMF_ERR_AUTH, LLMFI_WORDS("no command is run unless the program allows it: set llmf_desc.allow_commands"));
        return;
    }
    if (!llmfi_buf_reserve(&s->value, LLMFI_SECRET_MOST)) {
        llmfi_secret_no_memory(f, s);
        return;
    }
    if (pipe(ends)) {
        llmfi_secret_fail(f, s, LLMF_ERR_LIMIT, llmfi_sys_words(errno));
        return;
    }
    s->out = ends[0];
    if (!llmfi_sys_quiet(ends[0]) || fcntl(ends[1], F_SETFD, FD_CLOEXEC) || llmfi_secret_spawn(s, ends[1])) llmfi_secret_fail(f, s, LLMF_ERR_AUTH, LLMFI_WORDS("it cannot be started"));
    close(ends[1]);
    if (s->state == LLMFI_SECRET_ASKING) s->until_ns = llmfi_after_ms(f->now_ns, LLMFI_SECRET_COMMAND_MS);
    else llmfi_secret_kill(f, s);
}

/* Reads what is there. False: it is too much. */
static bool llmfi_secret_drain(llmfi_secret *s) {
    while (s->out >= 0) {
        size_t room = LLMFI_SECRET_MOST - s->value.len;
        char beyond;
        ssize_t n = read(s->out, room ? s->value.ptr + s->value.len : &beyond, room ? room : 1);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && llmfi_sys_again(errno)) return true;
        if (n > 0 && !room) return false;
        if (n > 0) {
            s->value.len += (size_t)n;
            continue;
        }
        close(s->out);
        s->out = -1;
    }
    return true;
}

/* The first line is the key. */
static void llmfi_secret_printed(llmf_factory *f, llmfi_secret *s, int status) {
    llmf_error err;
    llmfi_text t;
    llmfi_buf text = s->value;
    size_t lf = llmfi_find_char(llmfi_buf_str(&text), '\n');
    if (WIFEXITED(status) && !WEXITSTATUS(status)) {
        llmfi_buf_init(&s->value, &f->heap, LLMFI_SECRET_MOST);
        llmfi_secret_got(f, s, llmfi_str(text.ptr, lf == LLMFI_NOWHERE ? text.len : lf), 0);
        llmfi_secret_wipe(&text);
        return;
    }
    t = llmfi_secret_error(s, LLMF_ERR_AUTH, &err);
    if (WIFEXITED(status)) LLMFI_SAY(&t, "it ended with status ");
    else LLMFI_SAY(&t, "it was ended by signal ");
    llmfi_say_int(&t, WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
    llmfi_secret_failed(f, s, &err);
}

static void llmfi_secret_look_command(llmf_factory *f, llmfi_secret *s) {
    int status = 0;
    pid_t got;
    bool fits = llmfi_secret_drain(s);
    if (!fits) {
        llmfi_secret_kill(f, s);
        llmfi_secret_fail(f, s, LLMF_ERR_AUTH, LLMFI_WORDS("it printed more than 16 KiB: that is no key"));
        return;
    }
    got = waitpid(s->pid, &status, WNOHANG);
    if (got == 0 || (got < 0 && errno == EINTR)) {
        if (f->now_ns < s->until_ns) return;
        llmfi_secret_kill(f, s);
        llmfi_secret_fail(f, s, LLMF_ERR_TIMEOUT, LLMFI_WORDS("it did not end within 30 seconds"));
        return;
    }
    if (got < 0) status = 0; /* somebody else has waited for it */
    s->pid = 0;
    fits = llmfi_secret_drain(s);
    llmfi_secret_kill(f, s); /* the pipe */
    if (fits) llmfi_secret_printed(f, s, status);
    else llmfi_secret_fail(f, s, LLMF_ERR_AUTH, LLMFI_WORDS("it printed more than 16 KiB: that is no key"));
}

#elif LLMF_HAS_CONFIG

static void llmfi_secret_ask_command(llmf_factory *f, llmfi_secret *s) {
    llmfi_secret_fail(f, s, LLMF_ERR_NOT_BUILT, LLMFI_WORDS("this build cannot run commands: that wants POSIX"));
}

#endif

/* ---- asking, and looking whether it is there ---- */

/* Begins to fetch it. What it comes to may be known at once. */
static void llmfi_secret_ask(llmf_factory *f, llmfi_secret *s, int64_t connect_ms) {
    s->state = LLMFI_SECRET_ASKING;
    s->id = llmfi_secret_next_id(f);
    if (s->kind == LLMFI_FETCH_HOOK || s->kind == LLMFI_FETCH_COMMAND) f->secrets.pumped++;
    s->until_ns = llmfi_after_ms(f->now_ns, connect_ms > 0 ? connect_ms : (int64_t)LLMFI_SECRET_HOOK_MS);
    switch (s->kind) {
    case LLMFI_FETCH_HOOK: llmfi_secret_ask_hook(f, s); break;
#if LLMF_HAS_CONFIG
    case LLMFI_FETCH_FILE: llmfi_secret_read(f, s); break;
    case LLMFI_FETCH_COMMAND: llmfi_secret_ask_command(f, s); break;
    default: llmfi_secret_ask_store(f, s); break;
#endif
    }
}

/* In each llmf_poll: the hook is asked again, commands are looked at. */
static void llmfi_secrets_pump(llmf_factory *f) {
    llmfi_secret *s;
    for (s = f->secrets.pumped ? f->secrets.first : NULL; s; s = s->next) {
        if (s->state != LLMFI_SECRET_ASKING) continue;
        if (s->kind == LLMFI_FETCH_HOOK) llmfi_secret_ask_hook(f, s);
#if LLMFI_HAS_COMMANDS
        else if (s->kind == LLMFI_FETCH_COMMAND) llmfi_secret_look_command(f, s);
#endif
    }
}

#if LLMFI_HAS_STORES
/* Fetches from AWS that are over. */
static void llmfi_secrets_settle(llmf_factory *f) {
    llmfi_secret *s;
    for (s = f->secrets.first; s; s = s->next)
        if (s->store && s->store->fetch.over) llmfi_secret_answer(f, s);
}

/* The keys to ask AWS with are there, or will not come. */
static void llmfi_secrets_keys(llmf_factory *f) {
    llmfi_secret *s;
    for (s = f->secrets.first; s; s = s->next)
        if (s->state == LLMFI_SECRET_ASKING && s->wants_keys) llmfi_secret_ask_store(f, s);
}
#endif

/* Keys whose time is over go, needed or not. */
static void llmfi_secrets_timer(llmf_factory *f) {
    llmfi_secret *s;
    for (s = f->secrets.first; s; s = s->next) {
        if (s->state != LLMFI_SECRET_READY) continue;
        if (s->until_ns <= f->now_ns) llmfi_secret_forget(s);
        else if (s->until_ns < f->next_deadline_ns) f->next_deadline_ns = s->until_ns;
    }
}

/* ---- of a call ---- */

/* Scheme, host and port of the request, as browsers write an origin. */
static llmf_str llmfi_secret_origin(const llmfi_call *c, char *room, size_t size) {
    llmfi_text t = llmfi_text_in(room, size);
    llmfi_url url;
    llmfi_url_error bad;
    size_t i;
    if (!llmfi_url_parse(c->x.req.url, &url, &bad)) return llmfi_str("", 0);
    llmfi_say(&t, url.scheme);
    llmfi_say_c(&t, "://");
    llmfi_say_c(&t, url.ipv6 ? "[" : "");
    llmfi_say(&t, url.host);
    llmfi_say_c(&t, url.ipv6 ? "]" : "");
    if (url.port != llmfi_url_default_port(url.scheme)) {
        llmfi_say_c(&t, ":");
        llmfi_say_int(&t, url.port);
    }
    for (i = 0; i < t.len; i++)
        if (room[i] >= 'A' && room[i] <= 'Z') room[i] = (char)(room[i] + ('a' - 'A'));
    return llmfi_str(room, t.len);
}

/* That of a credential. NULL with the error. */
static llmfi_secret *llmfi_secret_of(llmfi_call *c, const llmfi_credential *found) {
    const llmfi_record *r = &c->prepared->record;
    llmf_str part[LLMFI_SECRET_PARTS], list = r->provider->key_variables;
    char origin[300];
    int auth;
    size_t i;
    for (i = 0; i < LLMFI_SECRET_PARTS; i++) part[i] = llmfi_str("", 0);
    part[0] = found->from;
    if (found->fetch == LLMFI_FETCH_STORE && llmfi_next_word(&list, &part[1])) part[1] = llmfi_key_variable(part[1], &auth);
    if (found->fetch == LLMFI_FETCH_HOOK) {
        part[0] = r->provider->name;
        part[1] = r->api_key_secret.len ? r->api_key_secret : r->provider->api_key_secret;
        part[2] = llmfi_secret_origin(c, origin, sizeof origin);
        part[3] = r->s.name;
    }
    return llmfi_secret_named(c->f, found->fetch, part, &c->reply.error);
}

enum { LLMFI_FETCHED, LLMFI_FETCH_LATER, LLMFI_FETCH_FAILED };

/* Puts the key of a credential that must be fetched into it; where the hook has none, it is that of whoever comes next. LATER: the call must wait. */
static int llmfi_secret_for(llmfi_call *c, llmfi_credential *found) {
    llmf_factory *f = c->f;
    llmfi_secret *s = llmfi_secret_of(c, found);
    if (!s) return LLMFI_FETCH_FAILED;
    if (s->state >= LLMFI_SECRET_READY && s->until_ns <= f->now_ns) llmfi_secret_forget(s);
    c->secret_id = s->id;
    s->used = ++f->secrets.uses;
    switch (s->state) {
    case LLMFI_SECRET_READY:
        found->key = llmfi_buf_str(&s->value);
        return LLMFI_FETCHED;
    case LLMFI_SECRET_ABSENT:
        c->secret_id = 0;
        llmfi_record_credential(&c->prepared->record, &f->env, false, found);
        return LLMFI_FETCHED;
    case LLMFI_SECRET_FAILED:
        c->reply.error = s->why;
#if LLMF_HAS_RETRY
        c->kept_away = true; /* nothing was sent, and its model is not to blame */
#endif
        return LLMFI_FETCH_FAILED;
    default:
        c->waits = LLMFI_WAITS_SECRET;
        return LLMFI_FETCH_LATER;
    }
}

/* The provider has refused the key of this attempt: one that was fetched is forgotten. Others that come with the same one find the next. True: there was one. */
LLMFI_UNUSED static bool llmfi_secret_refused(llmfi_call *c) {
    llmfi_secret *s = c->secret_id ? llmfi_secret_by_id(c->f, c->secret_id) : NULL;
    if (!c->secret_id || c->reply.status != 401) return false;
    c->secret_id = 0;
    if (!s || s->state != LLMFI_SECRET_READY) return true;
    llmfi_secret_forget(s);
    s->again = true;
    return true;
}

#endif
#endif
