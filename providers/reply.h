/* What has come of a reply: the one place where adapters put text, reasoning, tool calls, usage and errors, and from where the engine takes events.
   Shared by all dialects, so the rules that hold everywhere (empty arguments are {}, ids are made where there are none, finish words, sums) are here once.

   The engine:   init, set streamed, discard, status, tail; a frame at a time to the adapter; next, next … ; at the end of the bytes end, next …, result; free.
   The adapter:  mark at the start of a frame; text, reasoning, tool_…, finish, citation, fail as things come; bad_frame where the frame is not JSON;
                 r->usage, r->total_tokens, r->terminal it sets itself. After an error nothing more is taken. */
#ifndef LLMFI_PROVIDERS_REPLY_H
#define LLMFI_PROVIDERS_REPLY_H
#include "../src/base/json.h"
#include "../src/base/mem.h"
#include "../src/base/num.h"
#include "../src/base/text.h"

/* Tool calls in one reply. */
#ifndef LLMF_MAX_TOOL_CALLS
#define LLMF_MAX_TOOL_CALLS 128
#endif
/* Sources cited in one reply; what comes beyond is not kept. */
#ifndef LLMF_MAX_CITATIONS
#define LLMF_MAX_CITATIONS 1024
#endif
/* Bytes of an emptied text buffer (LLMF_DISCARD_TEXT) above which it goes back to the heap. */
#ifndef LLMF_REPLY_KEEP
#define LLMF_REPLY_KEEP 4096
#endif

typedef struct llmfi_tool_state {
    llmf_str id, name;                       /* in the call's arena */
    llmfi_buf args;
    int64_t key;                             /* the provider's index; -1: it gave none */
    bool started, ended;                     /* its TOOL_START, TOOL_CALL are in the queue or taken */
    bool made;                               /* the id is ours: one that comes late replaces it */
    bool empty, invalid;                     /* of an ended one: the arguments are {}; are no JSON */
} llmfi_tool_state;

/* An event waiting to be taken. Its type and index say in which buffer its text is; resolved when it is handed out. */
typedef struct llmfi_queued {
    int type, index;
    size_t at, len;                          /* at: counted from the first byte that the buffer ever held */
} llmfi_queued;

/* The dialects' own memory between frames: plain data, zero at the start. */
typedef struct llmfi_dialect_state {
    int64_t number[8];
    llmfi_buf buf[2];                        /* made ready by the reply, freed with it */
    llmfi_buf front, rest;                   /* how the frames of this stream begin and end, and where the reader stands behind the front: see openai.h */
    llmfi_json behind;
} llmfi_dialect_state;

/* What a frame may have changed besides what its events tell. */
typedef struct llmfi_reply_point {
    size_t queued, tools, state, citations, buf[2];
    bool terminal, content, refused, blocked;
    char told[2 * sizeof(llmf_str) + sizeof(llmf_usage) + 11 * sizeof(int64_t)]; /* LLMFI_REPLY_TOLD; 8 bytes more than it has, for alignment */
} llmfi_reply_point;

struct llmf_reply {
    /* set by the engine */
    llmfi_heap *heap;
    llmfi_arena *arena;                      /* lives with the call: ids, names, citations */
    bool streamed, discard;                  /* the reply is a stream; text is not kept */
    bool tail;                               /* the frame to come is what was there when the bytes ended: a whole body, or an event or line without its end */
    int status;                              /* HTTP */
    /* filled by adapters through the functions below; what is looked at most stands in front: its distance fits one byte */
    bool chat_counts;                        /* the usage is one of Chat Completions: RULES 20 holds */
    bool terminal;                           /* RULES 24: the reply is whole */
    bool content;                            /* text, reasoning or a tool call has come */
    bool refused;                            /* refusal text has come */
    bool blocked;                            /* the provider would not take the prompt */
    bool settled;                            /* llmfi_reply_settle was here */
#if LLMF_HAS_RUN
    uint16_t ids;                            /* calls before this reply: ids that are made count from there */
#endif
    size_t queue_head;                       /* taken events still in the queue */
    llmfi_buf tools /* of llmfi_tool_state */, queue /* of llmfi_queued */;
    llmf_error error;                        /* code LLMF_OK: none. The first one stays */
    llmfi_buf text, reasoning, refusal, state, citations /* of llmf_citation */;
    size_t limit;                            /* bytes of text, of reasoning, of one call's arguments …; 0: the heap's */
    llmf_str provider;                       /* for sentences; lives as long as the reply */
    llmf_str key;                            /* the secret of this call: a server that says it back is not quoted. Empty: none. Lives as long as the reply */
    const void *user;                        /* the adapter's: the settings of the model that was asked (llmfi_settings) */
    struct llmfi_job *job;                 /* of another operation than chat: see operation.h; NULL */
    llmf_str request_id, model_used, finish_raw; /* in the arena */
    llmf_usage usage;
    int64_t total_tokens, audio_tokens;      /* as the provider counted, for RULES 20; LLMF_UNKNOWN */
    llmfi_dialect_state dialect;
    /* filled by llmfi_reply_settle */
    int finish;                              /* LLMF_FINISH_… */
    int lent;                                /* whose bytes the last event handed out: LLMFI_REPLY_…; -1: nobody's */
    const llmf_tool_call *calls;             /* in the arena, arguments in their buffers */
    size_t call_count;
    /* its own */
    llmfi_arena scratch;                     /* decoded keys and words of this frame */
    size_t dropped[3];                       /* bytes dropped from the front of text, reasoning, refusal */
    void *retired;                           /* where they were before their buffer had to move */
    llmf_tool_call view;                     /* of the last tool event */
    llmfi_reply_point point;
};
typedef struct llmf_reply llmfi_reply;

/* What a rollback brings back as one piece: from the model to the dialect's numbers. */
#define LLMFI_REPLY_TOLD(r) ((char *)(r) + offsetof(llmfi_reply, model_used))
enum {
    LLMFI_REPLY_TOLD_LEN = offsetof(llmfi_reply, dialect.buf) - offsetof(llmfi_reply, model_used),
    LLMFI_REPLY_TOLD_FITS = 1 / (LLMFI_REPLY_TOLD_LEN <= sizeof(((llmfi_reply *)0)->point.told))
};

/* Where the buffers are. */
static const uint16_t llmfi_reply_bufs[] = {
    offsetof(llmfi_reply, tools), offsetof(llmfi_reply, queue), offsetof(llmfi_reply, text), offsetof(llmfi_reply, reasoning), offsetof(llmfi_reply, refusal),
    offsetof(llmfi_reply, state), offsetof(llmfi_reply, citations),
    offsetof(llmfi_reply, dialect.buf[0]), offsetof(llmfi_reply, dialect.buf[1]), offsetof(llmfi_reply, dialect.front), offsetof(llmfi_reply, dialect.rest)
};

static llmf_str llmfi_reply_keep(llmfi_reply *r, llmf_str text);

/* ---- life ---- */

static LLMFI_SHORT llmfi_buf *llmfi_reply_buf_at(llmfi_reply *r, size_t i) {
    return (llmfi_buf *)(void *)((char *)r + llmfi_reply_bufs[i]);
}

/* provider and user: see the struct; both stay the caller's. */
LLMFI_UNUSED static void llmfi_reply_init(llmfi_reply *r, llmfi_heap *heap, llmfi_arena *arena, llmf_str provider, const void *user) {
    size_t i;
    memset(r, 0, sizeof *r);
    r->heap = heap;
    r->arena = arena;
    r->provider = provider;
    r->user = user;
    for (i = 0; i < LLMFI_COUNT(llmfi_reply_bufs); i++) llmfi_reply_buf_at(r, i)->heap = heap;
    llmfi_arena_init(&r->scratch, heap, 0);
    r->usage.input = r->usage.cache_read = r->usage.cache_write = r->usage.output = r->usage.reasoning = LLMF_UNKNOWN;
    r->total_tokens = r->audio_tokens = LLMF_UNKNOWN;
    r->error.retry_after_ms = -1;
    r->error.message = llmfi_str("", 0);
    r->model_used = r->request_id = r->finish_raw = llmfi_str("", 0);
    r->lent = -1;
}

LLMFI_UNUSED static LLMFI_SHORT llmfi_tool_state *llmfi_reply_tool(const llmfi_reply *r, int at) {
    return (llmfi_tool_state *)(void *)r->tools.ptr + at;
}

LLMFI_UNUSED static LLMFI_SHORT int llmfi_reply_tool_count(const llmfi_reply *r) {
    return (int)(r->tools.len / sizeof(llmfi_tool_state));
}

/* Everything goes back to the heap; what was kept in the arena stays the arena's. */
LLMFI_UNUSED static void llmfi_reply_free(llmfi_reply *r) {
    size_t i = (size_t)llmfi_reply_tool_count(r);
    while (i-- > 0) llmfi_buf_free(&llmfi_reply_tool(r, (int)i)->args);
    for (i = 0; i < LLMFI_COUNT(llmfi_reply_bufs); i++)
        if (llmfi_reply_buf_at(r, i)->ptr) llmfi_buf_free(llmfi_reply_buf_at(r, i)); /* most are empty */
    llmfi_arena_free(&r->scratch);
    llmfi_heap_free(r->heap, r->retired);
    r->retired = NULL;
    r->lent = -1;
    r->queue_head = 0;
    r->calls = NULL;
    r->call_count = 0;
}

/* ---- errors ---- */

/* Ends the reply in an error; the first one stays. text: a sentence that says what to do. */
LLMFI_UNUSED static LLMFI_COLD void llmfi_reply_fail(llmfi_reply *r, int code, const char *text) {
    llmfi_text t;
    if (r->error.code != LLMF_OK) return;
    r->error.code = code;
    r->error.http_status = r->status;
    t = llmfi_error_text(&r->error);
    llmfi_say_c(&t, text);
}
#if !LLMF_HAS_STRINGS
#define llmfi_reply_fail(r, code, text) llmfi_reply_fail((r), (code), "")
#endif

/* The same with a sentence that goes on behind the provider's name. False: there was an error already. */
LLMFI_UNUSED static LLMFI_COLD bool llmfi_reply_fail_begin(llmfi_reply *r, int code, llmfi_text *t) {
    if (r->error.code != LLMF_OK) return false;
    llmfi_reply_fail(r, code, "");
    *t = llmfi_error_text(&r->error);
    llmfi_say(t, r->provider);
    return true;
}

static void llmfi_reply_no_memory(llmfi_reply *r) {
    llmfi_reply_fail(r, LLMF_ERR_MEMORY, "the reply does not fit into the factory's memory: raise llmf_desc.memory_size, or ask for less");
}

static void llmfi_reply_too_long(llmfi_reply *r) {
    llmfi_reply_fail(r, LLMF_ERR_LIMIT, "the reply is longer than llmf_desc.max_response allows: raise it, or ask for less");
}

/* A copy that lives with the call, with a NUL behind it. Empty when memory ran out: then the reply has its error. */
static llmf_str llmfi_reply_keep(llmfi_reply *r, llmf_str text) {
    llmf_str kept;
    if (!text.len) return llmfi_str("", 0);
    kept = llmfi_arena_copy(r->arena, text);
    if (kept.len != text.len) llmfi_reply_no_memory(r);
    return kept;
}

/* ---- buffers and the queue ---- */

/* Room did not do: grows the buffer. What an event has handed out stays where it is until the next one is taken. */
static bool llmfi_reply_grow(llmfi_reply *r, int who, llmfi_buf *b, size_t more) {
    void *to;
    if (r->lent != who || !b->ptr || llmfi_heap_grow(r->heap, b->ptr, b->len + more + 1)) {
        if (llmfi_buf_reserve(b, more + 1)) return true;
    } else if ((to = llmfi_heap_alloc(r->heap, b->len + more + 1)) != NULL) {
        memcpy(to, b->ptr, b->len);
        llmfi_heap_free(r->heap, r->retired);
        r->retired = b->ptr;
        r->lent = -1;
        b->ptr = (char *)to;
        b->cap = llmfi_heap_size(r->heap, to);
        return true;
    }
    llmfi_reply_no_memory(r);
    return false;
}

/* Room for `more` bytes and for the NUL that llmfi_reply_text_of puts behind them. */
static bool llmfi_reply_room(llmfi_reply *r, int who, llmfi_buf *b, size_t more) {
    if (more > (size_t)-1 / 8 || (r->limit && (b->len > r->limit || more > r->limit - b->len))) {
        llmfi_reply_too_long(r);
        return false;
    }
    return more < b->cap - b->len || llmfi_reply_grow(r, who, b, more);
}

static bool llmfi_reply_push(llmfi_reply *r, int type, int index, size_t at, size_t len) {
    llmfi_queued *q;
    if (r->queue.cap - r->queue.len < sizeof *q && !llmfi_buf_reserve(&r->queue, sizeof *q)) {
        llmfi_reply_no_memory(r);
        return false;
    }
    q = (llmfi_queued *)(void *)(r->queue.ptr + r->queue.len);
    q->type = type;
    q->index = index;
    q->at = at;
    q->len = len;
    r->queue.len += sizeof *q;
    return true;
}

/* How many events wait. */
LLMFI_UNUSED static LLMFI_SHORT size_t llmfi_reply_count(const llmfi_reply *r) {
    return r->queue.len / sizeof(llmfi_queued) - r->queue_head;
}

/* Whose bytes: LLMFI_REPLY_…, or from LLMFI_REPLY_ARGS on those of a call's arguments. */
enum { LLMFI_REPLY_TEXT, LLMFI_REPLY_REASONING, LLMFI_REPLY_REFUSAL, LLMFI_REPLY_ARGS };

static LLMFI_SHORT llmfi_buf *llmfi_reply_buf(llmfi_reply *r, int who) {
    if (who >= LLMFI_REPLY_ARGS) return &llmfi_reply_tool(r, who - LLMFI_REPLY_ARGS)->args;
    return who == LLMFI_REPLY_TEXT ? &r->text : who == LLMFI_REPLY_REASONING ? &r->reasoning : &r->refusal;
}

/* The buffer has taken `len` more bytes in its room: they count, and are an event. Those of a call that has not started yet are told when it starts. */
static LLMFI_JSON_FAST void llmfi_reply_took(llmfi_reply *r, int who, llmfi_buf *b, size_t len) {
    const llmfi_tool_state *t = who < LLMFI_REPLY_ARGS ? NULL : llmfi_reply_tool(r, who - LLMFI_REPLY_ARGS);
    if (!len) return;
    if (!t ? !llmfi_reply_push(r, LLMF_EVENT_TEXT + who, 0, b->len + r->dropped[who], len)
           : t->started && !llmfi_reply_push(r, LLMF_EVENT_TOOL_DELTA, who - LLMFI_REPLY_ARGS, b->len, len)) return;
    b->len += len;
    if (who == LLMFI_REPLY_REFUSAL) r->refused = true;
    else if (!t) r->content = true;
}

/* After an error, and after a call's end, nothing is taken. */
static bool llmfi_reply_takes(llmfi_reply *r, int who, llmfi_buf *b, size_t most) {
    return !r->error.code && !(who >= LLMFI_REPLY_ARGS && llmfi_reply_tool(r, who - LLMFI_REPLY_ARGS)->ended) && llmfi_reply_room(r, who, b, most);
}

static LLMFI_JSON_FAST void llmfi_reply_add(llmfi_reply *r, int who, llmf_str text) {
    llmfi_buf *b = llmfi_reply_buf(r, who);
    if (!text.len || !llmfi_reply_takes(r, who, b, text.len)) return;
    memcpy(b->ptr + b->len, text.ptr, text.len);
    llmfi_reply_took(r, who, b, text.len);
}

static LLMFI_JSON_FAST void llmfi_reply_add_json(llmfi_reply *r, int who, const llmfi_json *j) {
    llmfi_buf *b = llmfi_reply_buf(r, who);
    if (llmfi_json_plain(j)) llmfi_reply_add(r, who, j->text);
    else if (llmfi_reply_takes(r, who, b, llmfi_json_text_max(j))) llmfi_reply_took(r, who, b, llmfi_json_decode(b->ptr + b->len, j->text));
}

/* ---- text ---- */

/* Valid UTF-8. Appends, and queues one event where it is not empty. */
LLMFI_UNUSED static void llmfi_reply_text(llmfi_reply *r, llmf_str text) {
    llmfi_reply_add(r, LLMFI_REPLY_TEXT, text);
}
LLMFI_UNUSED static void llmfi_reply_reasoning(llmfi_reply *r, llmf_str text) {
    llmfi_reply_add(r, LLMFI_REPLY_REASONING, text);
}
LLMFI_UNUSED static void llmfi_reply_refusal(llmfi_reply *r, llmf_str text) {
    llmfi_reply_add(r, LLMFI_REPLY_REFUSAL, text);
}

/* The same with the STRING token that the reader stands at: decoded where it must be, straight to where it stays. */
LLMFI_UNUSED static void llmfi_reply_text_json(llmfi_reply *r, const llmfi_json *j) {
    llmfi_reply_add_json(r, LLMFI_REPLY_TEXT, j);
}
LLMFI_UNUSED static void llmfi_reply_reasoning_json(llmfi_reply *r, const llmfi_json *j) {
    llmfi_reply_add_json(r, LLMFI_REPLY_REASONING, j);
}
LLMFI_UNUSED static void llmfi_reply_refusal_json(llmfi_reply *r, const llmfi_json *j) {
    llmfi_reply_add_json(r, LLMFI_REPLY_REFUSAL, j);
}

/* The decoded text of a STRING or KEY token: a view of the frame where that will do, else in scratch until the next frame; empty when memory
   ran out (the reply then has its error). */
LLMFI_UNUSED static llmf_str llmfi_reply_string(llmfi_reply *r, const llmfi_json *j) {
    llmf_str s;
    if (llmfi_json_plain(j)) return j->text;
    s = llmfi_json_copy(j, &r->scratch);
    if (r->scratch.failed) llmfi_reply_no_memory(r);
    return s;
}

/* A count of a NUMBER token: what is negative, no whole number or no number is LLMF_UNKNOWN. */
LLMFI_UNUSED static int64_t llmfi_reply_number(const llmfi_json *j) {
    int64_t n;
    if (j->token != LLMFI_J_NUMBER) return LLMF_UNKNOWN;
    return llmfi_parse_spelt(j->text, &n) && n >= 0 ? n : LLMF_UNKNOWN;
}

/* RULES 19: a sum counts what is there; unknown only where both are. */
LLMFI_UNUSED static int64_t llmfi_reply_sum(int64_t a, int64_t b) {
    if (a < 0 || b < 0) return a < 0 ? (b < 0 ? LLMF_UNKNOWN : b) : a;
    return a > INT64_MAX - b ? INT64_MAX : a + b;
}

/* ---- frames ---- */

/* The start of a frame: where llmfi_reply_rollback goes back to. The scratch of the frame before is over. */
LLMFI_UNUSED static LLMFI_SHORT void llmfi_reply_mark(llmfi_reply *r) {
    llmfi_reply_point *p = &r->point;
    if (r->scratch.newest) llmfi_arena_free(&r->scratch);
    p->queued = r->queue.len / sizeof(llmfi_queued) - r->queue_head;
    p->tools = r->tools.len;
    p->state = r->state.len;
    p->citations = r->citations.len;
    p->buf[0] = r->dialect.buf[0].len;
    p->buf[1] = r->dialect.buf[1].len;
    memcpy(p->told, LLMFI_REPLY_TOLD(r), LLMFI_REPLY_TOLD_LEN);
    p->terminal = r->terminal;
    p->content = r->content;
    p->refused = r->refused;
    p->blocked = r->blocked;
}

/* Takes the newest event back, with what it tells of. A TOOL_DELTA right behind a TOOL_START of this frame tells of arguments that were there before, or of
   a call that goes altogether. */
static void llmfi_reply_unpush(llmfi_reply *r) {
    const llmfi_queued *q = (const llmfi_queued *)(const void *)(r->queue.ptr + r->queue.len) - 1;
    r->queue.len -= sizeof *q;
    if (q->type <= LLMF_EVENT_REFUSAL) llmfi_reply_buf(r, q->type - LLMF_EVENT_TEXT)->len = q->at - r->dropped[q->type - LLMF_EVENT_TEXT];
    else if (q->type == LLMF_EVENT_TOOL_START) llmfi_reply_tool(r, q->index)->started = false;
    else if (q->type == LLMF_EVENT_TOOL_CALL) llmfi_reply_tool(r, q->index)->ended = false;
    else if (q->type == LLMF_EVENT_TOOL_DELTA && !(llmfi_reply_count(r) > r->point.queued && q[-1].type == LLMF_EVENT_TOOL_START))
        llmfi_reply_tool(r, q->index)->args.len = q->at;
}

/* As if the frame had not been there. (An id or name that it gave to a call of an earlier frame stays.) */
LLMFI_UNUSED static void llmfi_reply_rollback(llmfi_reply *r) {
    const llmfi_reply_point *p = &r->point;
    while (llmfi_reply_count(r) > p->queued) llmfi_reply_unpush(r);
    while (r->tools.len > p->tools) {
        llmfi_buf_free(&llmfi_reply_tool(r, llmfi_reply_tool_count(r) - 1)->args);
        r->tools.len -= sizeof(llmfi_tool_state);
    }
    r->state.len = p->state;
    r->citations.len = p->citations;
    r->dialect.buf[0].len = p->buf[0];
    r->dialect.buf[1].len = p->buf[1];
    memcpy(LLMFI_REPLY_TOLD(r), p->told, LLMFI_REPLY_TOLD_LEN);
    r->terminal = p->terminal;
    r->content = p->content;
    r->refused = p->refused;
    r->blocked = p->blocked;
}

/* The frame, whose reader ended in ERROR, is not JSON: nothing of it counts. Cut off by the end of the bytes it is no error of its own (RULES 25:
   llmfi_reply_end says truncated), else PROTOCOL. An error that the reply has already stays. */
LLMFI_UNUSED static LLMFI_COLD void llmfi_reply_bad_frame(llmfi_reply *r, const llmfi_json *j, llmf_str frame) {
    llmfi_text t;
    if (r->error.code) return;
    llmfi_reply_rollback(r);
    if (r->tail && (r->streamed || j->error_offset >= frame.len)) return;
    llmfi_reply_fail_begin(r, LLMF_ERR_PROTOCOL, &t);
#if LLMF_HAS_STRINGS
    LLMFI_SAY(&t, ": the reply is not JSON (byte ");
    llmfi_say_int(&t, (int64_t)(j->error_offset < INT64_MAX ? j->error_offset : INT64_MAX));
    LLMFI_SAY(&t, ": ");
    llmfi_say_c(&t, j->error);
    LLMFI_SAY(&t, "): is the base URL right?");
#endif
}

/* ---- tool calls ---- */

/* The newest call with that key of the provider, or -1. */
LLMFI_UNUSED static int llmfi_reply_tool_find(const llmfi_reply *r, int64_t key) {
    int i = llmfi_reply_tool_count(r);
    while (i-- > 0)
        if (llmfi_reply_tool(r, i)->key == key) return i;
    return -1;
}

static bool llmfi_reply_id_used(const llmfi_reply *r, llmf_str id) {
    int i;
    for (i = 0; i < llmfi_reply_tool_count(r); i++)
        if (llmfi_eq(llmfi_reply_tool(r, i)->id, id)) return true;
    return false;
}

/* Nine letters and digits, which is what Mistral asks of ids, unique in the reply. */
static void llmfi_reply_make_id(llmfi_reply *r, int at) {
    char id[] = "call00000";
#if LLMF_HAS_RUN
    uint32_t n = (uint32_t)at + r->ids;
#else
    uint32_t n = (uint32_t)at;
#endif
    llmf_str s = llmfi_str(id, sizeof id - 1);
    do {
        uint32_t left = ++n;
        size_t i;
        for (i = s.len; i-- > 4; left /= 10) id[i] = (char)('0' + left % 10);
    } while (llmfi_reply_id_used(r, s)); /* ends: there are at most LLMF_MAX_TOOL_CALLS ids */
    s = llmfi_reply_keep(r, s);
    llmfi_reply_tool(r, at)->id = s;
    llmfi_reply_tool(r, at)->made = true;
}

/* Announces a call, and the arguments that came before its name. */
static void llmfi_reply_tool_start(llmfi_reply *r, int at) {
    llmfi_tool_state *t = llmfi_reply_tool(r, at);
    if (!t->id.len) llmfi_reply_make_id(r, at);
    if (r->error.code || !llmfi_reply_push(r, LLMF_EVENT_TOOL_START, at, 0, 0)) return;
    t->started = true;
    r->content = true;
    if (t->args.len) llmfi_reply_push(r, LLMF_EVENT_TOOL_DELTA, at, 0, t->args.len);
}

/* For ids and names that come late: sets them where they are still empty, or made by us. */
LLMFI_UNUSED static void llmfi_reply_tool_name(llmfi_reply *r, int at, llmf_str id, llmf_str name) {
    llmfi_tool_state *t = llmfi_reply_tool(r, at);
    if (r->error.code) return;
    if (id.len && (!t->id.len || t->made)) {
        t->id = llmfi_reply_keep(r, id);
        t->made = false;
    }
    if (name.len && !t->name.len) t->name = llmfi_reply_keep(r, name);
    if (t->name.len && !t->started) llmfi_reply_tool_start(r, at);
}

/* A call begins: gives its position (from 0), or -1 (the reply then has its error). key: the provider's index or -1. id and name are copied; they may be
   empty. TOOL_START is queued as soon as there is a name; an id is made where none came until then. */
LLMFI_UNUSED static int llmfi_reply_tool_begin(llmfi_reply *r, int64_t key, llmf_str id, llmf_str name) {
    int at = llmfi_reply_tool_count(r);
    llmfi_tool_state *t;
    if (r->error.code) return -1;
    if (at >= LLMF_MAX_TOOL_CALLS) {
        llmfi_reply_fail(r, LLMF_ERR_LIMIT, "the reply holds more tool calls than LLMF_MAX_TOOL_CALLS allows");
        return -1;
    }
    if (!llmfi_buf_reserve(&r->tools, sizeof *t)) {
        llmfi_reply_no_memory(r);
        return -1;
    }
    t = llmfi_reply_tool(r, at);
    memset(t, 0, sizeof *t);
    llmfi_buf_init(&t->args, r->heap, 0);
    t->key = key;
    t->id = t->name = llmfi_str("", 0);
    r->tools.len += sizeof *t;
    llmfi_reply_tool_name(r, at, id, name);
    return r->error.code ? -1 : at;
}

/* A piece of the arguments' JSON text, valid UTF-8. After the call's end it is dropped. */
LLMFI_UNUSED static void llmfi_reply_tool_args(llmfi_reply *r, int at, llmf_str fragment) {
    llmfi_reply_add(r, LLMFI_REPLY_ARGS + at, fragment);
}

/* The same with the STRING token that the reader stands at. */
LLMFI_UNUSED static void llmfi_reply_tool_args_json(llmfi_reply *r, int at, const llmfi_json *j) {
    llmfi_reply_add_json(r, LLMFI_REPLY_ARGS + at, j);
}

/* One JSON value and nothing else. */
static bool llmfi_reply_is_json(llmf_str text) {
    llmfi_json j;
    llmfi_json_init(&j, text, true);
    return llmfi_json_skip(&j) > 0 && llmfi_json_next(&j) == LLMFI_J_END;
}

/* The call is whole: queues TOOL_CALL. Once only; RULES 12 decides what its arguments are. */
LLMFI_UNUSED static void llmfi_reply_tool_end(llmfi_reply *r, int at) {
    llmfi_tool_state *t = llmfi_reply_tool(r, at);
    llmf_str args = llmfi_trim(llmfi_buf_str(&t->args));
    if (r->error.code || t->ended) return;
    if (!t->started) llmfi_reply_tool_start(r, at);
    if (r->error.code || !llmfi_reply_push(r, LLMF_EVENT_TOOL_CALL, at, 0, 0)) return;
    t->empty = !args.len || LLMFI_IS(args, "null");
    t->invalid = !t->empty && !llmfi_reply_is_json(args);
    t->ended = true;
}

/* ---- the rest of what comes ---- */

/* A source that the text cites; each URL once, with the first title that is not empty. */
LLMFI_UNUSED static void llmfi_reply_citation(llmfi_reply *r, llmf_str url, llmf_str title) {
    llmf_citation *all = (llmf_citation *)(void *)r->citations.ptr, c;
    size_t i, count = r->citations.len / sizeof c;
    if (r->error.code || (!url.len && !title.len)) return;
    for (i = 0; i < count; i++) {
        if (!llmfi_eq(all[i].url, url) || (!url.len && !llmfi_eq(all[i].title, title))) continue;
        if (!all[i].title.len && title.len) all[i].title = llmfi_reply_keep(r, title);
        return;
    }
    if (count >= LLMF_MAX_CITATIONS) return;
    c.url = llmfi_reply_keep(r, url);
    c.title = llmfi_reply_keep(r, title);
    if (!r->error.code && !llmfi_buf_add(&r->citations, (const char *)&c, sizeof c)) llmfi_reply_no_memory(r);
}

/* The provider's word for why it stopped; the last that is not empty counts. */
LLMFI_UNUSED static void llmfi_reply_finish(llmfi_reply *r, llmf_str word) {
    if (word.len && !r->error.code && !llmfi_eq(r->finish_raw, word)) r->finish_raw = llmfi_reply_keep(r, word);
}

/* The model as the provider names it; the first name that is not empty counts. */
LLMFI_UNUSED static void llmfi_reply_model(llmfi_reply *r, llmf_str name) {
    if (name.len && !r->error.code && !r->model_used.len) r->model_used = llmfi_reply_keep(r, name);
}

/* ---- the end ---- */

/* RULES 15: LLMF_FINISH_… of a provider's word. */
LLMFI_UNUSED static int llmfi_finish_of(llmf_str word) {
    static const char words[] =
#define LLMF_FINISH_WORD(text, finish) text "\0"
#include "../models.def"
        ;
    static const uint8_t finishes[] = {
#define LLMF_FINISH_WORD(text, finish) finish,
#include "../models.def"
    };
    int at = llmfi_word_in(words, word);
    if (!word.len) return LLMF_FINISH_NONE;
    return at < 0 ? (int)LLMF_FINISH_OTHER : finishes[at];
}

/* RULES 20, 21. */
static void llmfi_reply_settle_usage(llmfi_reply *r) {
    llmf_usage *u = &r->usage;
    int64_t counted = llmfi_reply_sum(u->input, u->output);
    if (r->chat_counts && u->output >= 0 && u->reasoning > u->output) {
        u->output = llmfi_reply_sum(u->output, u->reasoning);
    } else if (r->chat_counts && u->input >= 0 && u->output >= 0 && r->total_tokens > counted) {
        int64_t more = r->total_tokens - counted;
        if (more == r->audio_tokens) u->input += more;
        else u->output += more;
    }
    if (u->input >= 0 && u->cache_read > u->input) u->cache_read = u->input;
    if (u->input >= 0 && u->cache_write > u->input) u->cache_write = u->input;
    if (u->output >= 0 && u->reasoning > u->output) u->reasoning = u->output;
}

/* RULES 15, 16. */
static void llmfi_reply_settle_finish(llmfi_reply *r) {
    int finish = llmfi_finish_of(r->finish_raw);
    if (finish == LLMF_FINISH_STOP || finish == LLMF_FINISH_NONE) {
        if (r->refused) finish = LLMF_FINISH_REFUSAL;
        else if (r->tools.len) finish = LLMF_FINISH_TOOL_CALLS;
        else if (finish == LLMF_FINISH_NONE) finish = LLMF_FINISH_OTHER;
    }
    r->finish = finish;
}

static llmf_str llmfi_reply_tool_arguments(const llmfi_tool_state *t) {
    return t->empty ? LLMFI_LIT("{}") : llmfi_buf_str(&t->args);
}

/* The ended calls as the response lists them, with a NUL behind each text. */
static void llmfi_reply_settle_calls(llmfi_reply *r) {
    int i, count = llmfi_reply_tool_count(r);
    llmf_tool_call *calls;
    if (!count) return;
    calls = (llmf_tool_call *)llmfi_arena_array(r->arena, (size_t)count, sizeof *calls);
    if (!calls) {
        llmfi_reply_no_memory(r);
        return;
    }
    r->calls = calls;
    for (i = 0; i < count; i++) {
        llmfi_tool_state *t = llmfi_reply_tool(r, i);
        if (!t->ended) continue;
        if (t->args.ptr) t->args.ptr[t->args.len] = '\0';
        calls->id = t->id;
        calls->name = t->name;
        calls->arguments = llmfi_reply_tool_arguments(t);
        calls->invalid = t->invalid;
        calls++;
    }
    r->call_count = (size_t)(calls - r->calls);
}

/* Draws up what all of it amounts to; once. Open calls end here, unless the reply failed: then they are no calls. */
LLMFI_UNUSED static LLMFI_COLD void llmfi_reply_settle(llmfi_reply *r) {
    const llmf_usage *u = &r->usage;
    int i;
    if (r->settled) return;
    r->settled = true;
    for (i = 0; i < llmfi_reply_tool_count(r) && !r->error.code; i++) llmfi_reply_tool_end(r, i);
    llmfi_reply_settle_calls(r);
    llmfi_reply_settle_usage(r);
    if (!r->error.code) llmfi_reply_settle_finish(r);
    if (!r->error.code && (u->input >= 0 || u->output >= 0 || u->cache_read >= 0 || u->cache_write >= 0 || u->reasoning >= 0))
        llmfi_reply_push(r, LLMF_EVENT_USAGE, 0, 0, 0);
}

/* The bytes have ended; whole: as the transport's protocol says they should. Before the terminal event that is TRUNCATED (RULES 25), after it all is well.
   Call it after the adapter's on_end. */
LLMFI_UNUSED static void llmfi_reply_end(llmfi_reply *r, bool whole) {
    llmfi_text t;
    if (!r->terminal && llmfi_reply_fail_begin(r, LLMF_ERR_TRUNCATED, &t)) {
        if (whole) LLMFI_SAY(&t, ": the reply ended before its end");
        else LLMFI_SAY(&t, ": the connection broke before the end of the reply");
        llmfi_say_c(&t, r->content ? LLMFI_WORDS("; what had arrived is in the response") : LLMFI_WORDS("; nothing had arrived: try again"));
    }
    llmfi_reply_settle(r);
}

/* A text of the reply as the response shows it: a NUL behind it. Valid until more comes. */
LLMFI_UNUSED static llmf_str llmfi_reply_text_of(llmfi_buf *b) {
    if (!b->ptr || b->len >= b->cap) return llmfi_str("", 0);
    b->ptr[b->len] = '\0';
    return llmfi_buf_str(b);
}

/* ---- taking events ---- */

/* Text that is not kept goes once its events are over. */
static void llmfi_reply_drop_text(llmfi_reply *r, int who, size_t until) {
    llmfi_buf *b = llmfi_reply_buf(r, who);
    size_t *dropped = &r->dropped[who], n = until - *dropped;
    if (n < b->len / 2) return; /* so that the bytes moved are never more than those dropped */
    llmfi_buf_drop(b, n);
    *dropped = until;
    if (!b->len && b->cap > LLMF_REPLY_KEEP) llmfi_buf_free(b);
}

/* The event that was handed out last is over: gives back what it held. Done by llmfi_reply_next; the engine calls it when an event's reader has gone. */
LLMFI_UNUSED static void llmfi_reply_release_events(llmfi_reply *r) {
    const llmfi_queued *q = (const llmfi_queued *)(const void *)r->queue.ptr;
    if (r->retired) {
        llmfi_heap_free(r->heap, r->retired);
        r->retired = NULL;
    }
    r->lent = -1;
    if (!r->queue_head) return;
    q += r->queue_head - 1;
    if (r->discard && q->type <= LLMF_EVENT_REFUSAL) llmfi_reply_drop_text(r, q->type - LLMF_EVENT_TEXT, q->at + q->len);
    if (!llmfi_reply_count(r)) {
        r->queue.len = 0;
        r->queue_head = 0;
        if (r->queue.cap > LLMF_REPLY_KEEP) llmfi_buf_free(&r->queue);
    } else if (r->queue_head >= 64 && r->queue_head >= llmfi_reply_count(r)) {
        llmfi_buf_drop(&r->queue, r->queue_head * sizeof(llmfi_queued));
        r->queue_head = 0;
    }
}

/* The tool of an event; the arguments only once it is whole. */
static const llmf_tool_call *llmfi_reply_view(llmfi_reply *r, const llmfi_queued *q) {
    const llmfi_tool_state *t = llmfi_reply_tool(r, q->index);
    bool whole = q->type == LLMF_EVENT_TOOL_CALL;
    r->view.id = t->id;
    r->view.name = t->name;
    r->view.arguments = whole ? llmfi_reply_tool_arguments(t) : llmfi_str("", 0);
    r->view.invalid = whole && t->invalid;
    return &r->view;
}

/* Takes the next event: type, index, text, tool and usage of *ev are set (call and response are the engine's). Its texts stay where they are until the
   next event is taken, whatever comes in the meantime. False: none waits. */
LLMFI_UNUSED static bool llmfi_reply_next(llmfi_reply *r, llmf_event *ev) {
    const llmfi_queued *q;
    llmfi_reply_release_events(r);
    if (!llmfi_reply_count(r)) return false;
    q = (const llmfi_queued *)(const void *)r->queue.ptr + r->queue_head++;
    memset(ev, 0, sizeof *ev);
    ev->type = q->type;
    ev->index = q->index;
    ev->text = llmfi_str("", 0);
    if (q->type <= LLMF_EVENT_REFUSAL) {
        r->lent = q->type - LLMF_EVENT_TEXT;
        ev->text = llmfi_str(llmfi_reply_buf(r, r->lent)->ptr + (q->at - r->dropped[r->lent]), q->len);
    } else if (q->type == LLMF_EVENT_USAGE) {
        ev->usage = &r->usage;
    } else {
        r->lent = LLMFI_REPLY_ARGS + q->index;
        if (q->type == LLMF_EVENT_TOOL_DELTA) ev->text = llmfi_str(llmfi_reply_buf(r, r->lent)->ptr + q->at, q->len);
        else ev->tool = llmfi_reply_view(r, q);
    }
    return true;
}

#if LLMF_HAS_SIMULATE
enum { LLMFI_REPLY_WORD = 48 };               /* bytes of a word at most: not every language has blanks */

/* Bytes of the first words of a text, each with the blanks behind it. */
static size_t llmfi_reply_words(llmf_str text, int words) {
    size_t at = 0;
    for (; words > 0 && at < text.len; words--) {
        size_t most, n = 0;
        while (at < text.len && llmfi_is_space(text.ptr[at])) at++;
        most = llmfi_utf8_cut(llmfi_from(text, at), LLMFI_REPLY_WORD).len;
        while (n < most && !llmfi_is_space(text.ptr[at + n])) n++;
        for (at += n; at < text.len && llmfi_is_space(text.ptr[at]); at++) continue;
    }
    return at;
}

/* As llmfi_reply_next, but of a text that waits the first words alone; the rest of it goes on waiting. */
LLMFI_UNUSED static bool llmfi_reply_piece(llmfi_reply *r, llmf_event *ev, int words) {
    llmfi_queued *q;
    llmf_str text;
    size_t n;
    llmfi_reply_release_events(r);
    if (!llmfi_reply_count(r)) return false;
    q = (llmfi_queued *)(void *)r->queue.ptr + r->queue_head;
    if (q->type > LLMF_EVENT_REFUSAL) return llmfi_reply_next(r, ev);
    text = llmfi_str(llmfi_reply_buf(r, q->type - LLMF_EVENT_TEXT)->ptr + (q->at - r->dropped[q->type - LLMF_EVENT_TEXT]), q->len);
    n = llmfi_reply_words(text, words);
    if (n >= q->len) return llmfi_reply_next(r, ev);
    memset(ev, 0, sizeof *ev);
    ev->type = q->type;
    ev->text = llmfi_str(text.ptr, n);
    r->lent = q->type - LLMF_EVENT_TEXT;
    q->at += n;
    q->len -= n;
    return true;
}

/* The next event is a text. */
LLMFI_UNUSED static bool llmfi_reply_text_waits(const llmfi_reply *r) {
    return llmfi_reply_count(r) && ((const llmfi_queued *)(const void *)r->queue.ptr)[r->queue_head].type <= LLMF_EVENT_REFUSAL;
}
#endif

/* ---- the public face, for dialects of one's own (llmf_reply_error is in fault.h) ---- */

/* `text`, or a copy in scratch with what is no UTF-8 replaced. */
static llmf_str llmfi_reply_clean(llmfi_reply *r, llmf_str text) {
    char *to;
    if (!text.ptr || llmfi_utf8_valid(text, NULL)) return text.ptr ? text : llmfi_str("", 0);
    to = text.len < (size_t)-1 / 8 ? (char *)llmfi_arena_alloc(&r->scratch, text.len * 3) : NULL;
    if (!to) {
        llmfi_reply_no_memory(r);
        return llmfi_str("", 0);
    }
    return llmfi_str(to, llmfi_utf8_clean(to, text));
}

LLMF_API void llmf_reply_text(llmf_reply *r, llmf_str text) {
    llmfi_reply_text(r, llmfi_reply_clean(r, text));
}

LLMF_API void llmf_reply_reasoning(llmf_reply *r, llmf_str text) {
    llmfi_reply_reasoning(r, llmfi_reply_clean(r, text));
}

LLMF_API void llmf_reply_tool(llmf_reply *r, llmf_str id, llmf_str name, llmf_str arguments) {
    int at = llmfi_reply_tool_begin(r, -1, llmfi_reply_clean(r, id), llmfi_reply_clean(r, name));
    if (at < 0) return;
    llmfi_reply_tool_args(r, at, llmfi_reply_clean(r, arguments));
    llmfi_reply_tool_end(r, at);
}

LLMF_API void llmf_reply_finish(llmf_reply *r, llmf_str word) {
    llmfi_reply_finish(r, llmfi_reply_clean(r, word));
}

LLMF_API void llmf_reply_usage(llmf_reply *r, const llmf_usage *usage) {
    if (usage) r->usage = *usage;
}

LLMF_API void llmf_reply_done(llmf_reply *r) {
    r->terminal = true;
}

#endif
