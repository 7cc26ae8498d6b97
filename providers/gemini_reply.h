/* What Gemini answers: GenerateContentResponse objects, which are whole replies and the pieces of a stream alike ("Gemini API reference", GenerateContentResponse). */
#ifndef LLMFI_PROVIDERS_GEMINI_REPLY_H
#define LLMFI_PROVIDERS_GEMINI_REPLY_H
#include "common.h"
#include "fault.h"

/* The raw texts of a part; ptr NULL where there is none. */
typedef struct llmfi_gemini_part {
    llmf_str text, signature, id, name, args, whole;
    bool thought, call, server;              /* server: the provider's own tool, or what it gave */
} llmfi_gemini_part;

/* The counts that are read, in the order of llmfi_gemini_counts; and two more that differ from piece to piece. */
enum { LLMFI_GEMINI_PROMPT, LLMFI_GEMINI_TOOLS, LLMFI_GEMINI_CACHED, LLMFI_GEMINI_ANSWER, LLMFI_GEMINI_THOUGHTS, LLMFI_GEMINI_READ, LLMFI_GEMINI_COUNTS = LLMFI_GEMINI_READ + 2 };
static const char llmfi_gemini_counts[] =
    "promptTokenCount\0toolUsePromptTokenCount\0cachedContentTokenCount\0candidatesTokenCount\0thoughtsTokenCount\0totalTokenCount\0tokenCount\0";

/* What a frame held besides what it has told. */
typedef struct llmfi_gemini_seen {
    llmf_str reason, message;                /* why the prompt is blocked, raw */
    llmf_str text;                           /* of the last part, raw */
    int parts;
    bool thought, other, counted;            /* of that part; something besides text has been told; there is a usage */
    int64_t count[LLMFI_GEMINI_READ];
    bool known, failed, candidate, first, finished;
    bool look, again;                        /* asks each candidate's index before it is read; some other one than 0 has been taken for it */
} llmfi_gemini_seen;

#if LLMF_HAS_STATE
/* ---- state: what must go back, and where (see llmfi_gemini_walk in gemini.h) ----
   [{"at": bytes of text before it, "calls": calls before it, "thoughtSignature": "…"}, …]; with "text", the length of the text that the signature is of; else it
   is the call's that comes next. Parts that are neither text nor call stand there whole: {"at": …, "calls": …, "part": {…}}. */

static void llmfi_gemini_keep(llmfi_reply *r, const llmfi_gemini_part *p, size_t at, int calls) {
    size_t text = r->text.len + r->dropped[0] - at, before = llmfi_state_open(r, "gemini");
    bool whole = !p->call && (p->thought || !p->text.ptr);
    char place[112];
    llmfi_text t = llmfi_text_in(place, sizeof place);
    llmfi_say_c(&t, "{\"at\":");
    llmfi_say_int(&t, (int64_t)at);
    llmfi_say_c(&t, ",\"calls\":");
    llmfi_say_int(&t, calls);
    if (!whole && !p->call) {
        llmfi_say_c(&t, ",\"text\":");
        llmfi_say_int(&t, (int64_t)text);
    }
    llmfi_reply_put(r, &r->state, llmfi_str(place, t.len));
    llmfi_reply_put(r, &r->state, whole ? LLMFI_LIT(",\"part\":") : LLMFI_LIT(",\"thoughtSignature\":\""));
    llmfi_reply_put(r, &r->state, whole ? p->whole : p->signature);
    llmfi_reply_put(r, &r->state, whole ? LLMFI_LIT("}") : LLMFI_LIT("\"}"));
    llmfi_state_close(r, before);
}
#endif

/* ---- parts ---- */

static void llmfi_gemini_tell(llmfi_reply *r, const llmfi_gemini_part *p) {
#if LLMF_HAS_STATE
    size_t at = r->text.len + r->dropped[0];
    int calls = llmfi_reply_tool_count(r);
#endif
    if (p->call) llmfi_reply_whole_call(r, p->id, p->name, p->args);
    if (p->text.len) {
        llmfi_json text = llmfi_json_at_raw(p->text);
        if (p->thought) llmfi_reply_reasoning_json(r, &text);
        else llmfi_reply_text_json(r, &text);
    }
#if LLMF_HAS_STATE
    if (p->signature.len || p->server) llmfi_gemini_keep(r, p, at, calls);
#endif
}

/* The value of functionCall. */
static void llmfi_gemini_call(llmfi_json *j, llmfi_gemini_part *p) {
    int at;
    if (!llmfi_json_enter(j, LLMFI_J_OBJECT)) return;
    p->call = true;
    while ((at = llmfi_json_pick(j, "name\0args\0id\0")) >= 0)
        switch (at) {
        case 0: llmfi_json_take_raw(j, &p->name); break;
        case 1: llmfi_json_raw(j, &p->args); break;
        case 2: llmfi_json_take_raw(j, &p->id); break;
        default: llmfi_json_skip(j);
        }
}

/* A part, which was just opened. Code that the provider ran, and inline data, are not text (RULES 7). */
static void llmfi_gemini_part_in(llmfi_reply *r, llmfi_json *j, llmfi_gemini_seen *s) {
    const char *begin = j->at - 1, *end;
    llmfi_gemini_part p;
    int at;
    memset(&p, 0, sizeof p);
    while ((at = llmfi_json_pick(j, "text\0thoughtSignature\0thought\0functionCall\0executableCode\0codeExecutionResult\0toolCall\0toolResponse\0")) >= 0)
        switch (at) {
        case 0: llmfi_json_take_raw(j, &p.text); break;
        case 1: llmfi_json_take_raw(j, &p.signature); break;
        case 2: p.thought = llmfi_json_scalar(j) == LLMFI_J_TRUE; break;
        case 3: llmfi_gemini_call(j, &p); break;
        default:
            if (at < 8) p.server = true;
            llmfi_json_skip(j);
        }
    if (j->error) return;
    for (end = j->at; end[-1] != '}';) end--; /* not with a comma that was taken behind it */
    p.whole = llmfi_range(begin, end);
    s->text = p.text;
    s->thought = p.thought;
    if (p.call || p.server || p.signature.len) s->other = true;
    s->parts++;
    llmfi_gemini_tell(r, &p);
}

/* The value of content. */
static void llmfi_gemini_content(llmfi_reply *r, llmfi_json *j, llmfi_gemini_seen *s) {
    int at;
    if (!llmfi_json_enter(j, LLMFI_J_OBJECT)) return;
    while ((at = llmfi_json_pick(j, "parts\0")) >= 0) {
        if (at) {
            llmfi_json_skip(j);
            continue;
        }
        if (!llmfi_json_enter(j, LLMFI_J_ARRAY)) continue;
        while (llmfi_json_next(j) > 0 && j->token != LLMFI_J_ARRAY_END)
            if (j->token == LLMFI_J_OBJECT) llmfi_gemini_part_in(r, j, s);
            else if (j->token == LLMFI_J_ARRAY) llmfi_json_skip(j);
    }
}

/* ---- sources ---- */

#if LLMF_HAS_CITATIONS
/* An object with uri and title, which was just opened, or, `deep`, one that holds such: a chunk's web, retrievedContext, maps. */
static void llmfi_gemini_source(llmfi_reply *r, llmfi_json *j, bool deep) {
    llmf_str uri = llmfi_str("", 0), title = uri;
    int at;
    while ((at = llmfi_json_pick(j, "uri\0title\0")) >= 0)
        if (at < 2) llmfi_json_take_raw(j, at ? &title : &uri);
        else if (!deep) llmfi_json_skip(j);
        else if (llmfi_json_enter(j, LLMFI_J_OBJECT)) llmfi_gemini_source(r, j, false);
    uri = llmfi_reply_raw(r, uri);
    llmfi_reply_citation(r, uri, llmfi_reply_raw(r, title));
}

/* The value of groundingMetadata or citationMetadata. */
static void llmfi_gemini_sources(llmfi_reply *r, llmfi_json *j) {
    int at;
    if (!llmfi_json_enter(j, LLMFI_J_OBJECT)) return;
    while ((at = llmfi_json_pick(j, "groundingChunks\0citationSources\0citations\0")) >= 0) {
        if (at > 2) {
            llmfi_json_skip(j);
            continue;
        }
        if (!llmfi_json_enter(j, LLMFI_J_ARRAY)) continue;
        while (llmfi_json_next(j) > 0 && j->token != LLMFI_J_ARRAY_END)
            if (j->token == LLMFI_J_OBJECT) llmfi_gemini_source(r, j, true);
            else if (j->token == LLMFI_J_ARRAY) llmfi_json_skip(j);
    }
}
#else
static void llmfi_gemini_sources(llmfi_reply *r, llmfi_json *j) {
    (void)r;
    llmfi_json_skip(j);
}
#endif

/* ---- candidates, usage ---- */

/* The index of the candidate that was just opened; where it has none, 0. */
static int64_t llmfi_gemini_index(const llmfi_json *j) {
    llmfi_json ahead = *j;
    int64_t index = 0;
    int at;
    while ((at = llmfi_json_pick(&ahead, "index\0")) >= 0)
        if (at) llmfi_json_skip(&ahead);
        else index = llmfi_json_tokens(&ahead);
    return index;
}

/* A candidate, which was just opened. Only the one with index 0 is reported (RULES 2). As a rule there is but one: it is taken for that, and the frame read
   again should it turn out to be another. */
static void llmfi_gemini_candidate(llmfi_reply *r, llmfi_json *j, llmfi_gemini_seen *s) {
    llmf_str finish = llmfi_str("", 0);
    int at;
    s->candidate = true;
    if (s->first || (s->look && llmfi_gemini_index(j) > 0)) {
        llmfi_json_skip(j);
        return;
    }
    s->first = true;
    while ((at = llmfi_json_pick(j, "content\0index\0finishReason\0groundingMetadata\0citationMetadata\0")) >= 0)
        switch (at) {
        case 0: llmfi_gemini_content(r, j, s); break;
        case 1: if (llmfi_json_tokens(j) > 0) s->again = true; break;
        case 2: llmfi_json_take_raw(j, &finish); break;
        case 3: case 4:
            llmfi_gemini_sources(r, j);
            s->other = true;
            break;
        default: llmfi_json_skip(j);
        }
    if (!finish.len) return;
    s->finished = true;
    llmfi_reply_finish(r, llmfi_reply_raw(r, finish));
}

/* The whole of it replaces what came before: the counts of a stream are repeated and cumulative (RULES 22). */
static void llmfi_gemini_count(llmfi_reply *r, const int64_t *n) {
    r->usage.input = llmfi_reply_sum(n[LLMFI_GEMINI_PROMPT], n[LLMFI_GEMINI_TOOLS]);
    r->usage.cache_read = n[LLMFI_GEMINI_CACHED];
    r->usage.output = llmfi_reply_sum(n[LLMFI_GEMINI_ANSWER], n[LLMFI_GEMINI_THOUGHTS]);
    r->usage.reasoning = n[LLMFI_GEMINI_THOUGHTS];
}

static void llmfi_gemini_usage(llmfi_reply *r, llmfi_json *j, llmfi_gemini_seen *s) {
    int at;
    if (!llmfi_json_enter(j, LLMFI_J_OBJECT)) return;
    s->counted = true;
    for (at = 0; at < LLMFI_GEMINI_READ; at++) s->count[at] = LLMF_UNKNOWN;
    while ((at = llmfi_json_pick(j, llmfi_gemini_counts)) >= 0)
        if (at < LLMFI_GEMINI_READ) s->count[at] = llmfi_json_tokens(j);
        else llmfi_json_skip(j);
    llmfi_gemini_count(r, s->count);
}

/* ---- pieces that are like the one before ----
   Those of a stream mostly differ in their text, and in the counts behind it. What stands in front of the text is remembered in dialect.front. What stands behind
   it, in dialect.rest, in steps: how many bytes (two of them), which count follows those (one more than its place; 0: none, it is the end), the bytes. */

enum { LLMFI_GEMINI_REMEMBER = 2048 };       /* bytes in front, and behind */
enum { LLMFI_GEMINI_THOUGHT, LLMFI_GEMINI_USAGE }; /* dialect.number: of the piece remembered: its text is a thought; it has counts */

/* Takes digits: a count as JSON spells it, or -1. */
static int64_t llmfi_gemini_digits(llmf_str *s) {
    int64_t n = 0;
    size_t i = 0;
    while (i < s->len && i < 16 && llmfi_is_digit(s->ptr[i])) n = n * 10 + (s->ptr[i++] - '0');
    if (!i || i == 16 || (i > 1 && s->ptr[0] == '0')) return -1;
    *s = llmfi_from(*s, i);
    return n;
}

/* Which count it is whose key ends in front of byte `at` of the text; -1: none. */
static int llmfi_gemini_count_at(llmf_str text, size_t at) {
    size_t end;
    while (at && (text.ptr[at - 1] == ' ' || text.ptr[at - 1] == ':')) at--;
    if (!at || text.ptr[--at] != '"') return -1;
    for (end = at; at && text.ptr[at - 1] != '"';) at--;
    return llmfi_word_in(llmfi_gemini_counts, llmfi_str(text.ptr + at, end - at));
}

/* One step: `len` bytes, then a count. */
static bool llmfi_gemini_remember_step(llmfi_buf *b, llmf_str bytes, int count) {
    char head[3];
    head[0] = (char)(bytes.len >> 8);
    head[1] = (char)bytes.len;
    head[2] = (char)(count + 1);
    return llmfi_buf_add(b, head, 3) && llmfi_buf_add(b, bytes.ptr, bytes.len);
}

/* Remembers a piece of text and nothing else. Where memory is refused nothing is: the next one is only slower. */
static void llmfi_gemini_remember(llmfi_reply *r, const llmfi_gemini_seen *s, llmf_str data) {
    llmfi_dialect_state *d = &r->dialect;
    llmf_str front = llmfi_range(data.ptr, s->text.ptr - 1), rest = llmfi_range(s->text.ptr + s->text.len + 1, data.ptr + data.len), left = rest;
    size_t from = 0, at = 0;
    bool good = front.len <= LLMFI_GEMINI_REMEMBER && rest.len <= LLMFI_GEMINI_REMEMBER;
    d->front.len = d->rest.len = 0;
    d->number[LLMFI_GEMINI_THOUGHT] = s->thought;
    d->number[LLMFI_GEMINI_USAGE] = s->counted;
    while (good && at < rest.len) {
        int count = llmfi_is_digit(rest.ptr[at]) ? llmfi_gemini_count_at(rest, at) : -1;
        int64_t n = -1;
        left = llmfi_from(rest, at);
        if (count >= 0) n = llmfi_gemini_digits(&left);
        if (n < 0 || !left.len || !llmfi_strchr(",}] \r\n", left.ptr[0])) {
            at++;
            continue;
        }
        if (s->counted && count < LLMFI_GEMINI_READ && n != s->count[count]) return; /* of something else */
        good = llmfi_gemini_remember_step(&d->rest, llmfi_str(rest.ptr + from, at - from), count);
        from = at = rest.len - left.len;
    }
    good = good && llmfi_gemini_remember_step(&d->rest, llmfi_from(rest, from), -1) && llmfi_buf_add(&d->front, front.ptr, front.len);
    if (!good) d->front.len = 0;
}

/* Reads a piece that is like the one remembered. False: it is not, and nothing has been done. */
static bool llmfi_gemini_alike(llmfi_reply *r, llmf_str data) {
    const llmfi_dialect_state *d = &r->dialect;
    llmf_str front = llmfi_buf_str(&d->front), step = llmfi_buf_str(&d->rest), left;
    int64_t n[LLMFI_GEMINI_COUNTS] = { LLMF_UNKNOWN, LLMF_UNKNOWN, LLMF_UNKNOWN, LLMF_UNKNOWN, LLMF_UNKNOWN, LLMF_UNKNOWN, LLMF_UNKNOWN };
    llmfi_json j;
    int count = 1;
    if (!front.len || !llmfi_starts(data, front)) return false;
    llmfi_json_init(&j, llmfi_from(data, front.len), true);
    if (llmfi_json_next(&j) != LLMFI_J_STRING) return false;
    for (left = llmfi_range(j.at, j.end); count; step = llmfi_from(step, 3)) {
        size_t len = (size_t)(unsigned char)step.ptr[0] << 8 | (unsigned char)step.ptr[1];
        count = step.ptr[2];
        if (!llmfi_starts(left, llmfi_str(step.ptr + 3, len))) return false;
        left = llmfi_from(left, len);
        step = llmfi_from(step, len);
        if (count && (n[count - 1] = llmfi_gemini_digits(&left)) < 0) return false;
    }
    if (left.len) return false;
    if (d->number[LLMFI_GEMINI_THOUGHT]) llmfi_reply_reasoning_json(r, &j);
    else llmfi_reply_text_json(r, &j);
    if (d->number[LLMFI_GEMINI_USAGE]) llmfi_gemini_count(r, n);
    return true;
}

/* ---- frames ---- */

static void llmfi_gemini_feedback(llmfi_json *j, llmfi_gemini_seen *s) {
    int at;
    if (!llmfi_json_enter(j, LLMFI_J_OBJECT)) return;
    while ((at = llmfi_json_pick(j, "blockReason\0blockReasonMessage\0")) >= 0)
        if (at < 2) llmfi_json_take_raw(j, at ? &s->message : &s->reason);
        else llmfi_json_skip(j);
}

static void llmfi_gemini_candidates(llmfi_reply *r, llmfi_json *j, llmfi_gemini_seen *s) {
    if (!llmfi_json_enter(j, LLMFI_J_ARRAY)) return;
    while (llmfi_json_next(j) > 0 && j->token != LLMFI_J_ARRAY_END)
        if (j->token == LLMFI_J_OBJECT) llmfi_gemini_candidate(r, j, s);
        else if (j->token == LLMFI_J_ARRAY) llmfi_json_skip(j);
}

/* The members of the frame's object, which was just opened. responseId: no header has an id. */
static void llmfi_gemini_members(llmfi_reply *r, llmfi_json *j, llmfi_gemini_seen *s) {
    int at;
    while ((at = llmfi_json_pick(j, "candidates\0usageMetadata\0promptFeedback\0modelVersion\0responseId\0error\0")) >= 0) {
        if (at < 3) s->known = true;
        if (at == 0) llmfi_gemini_candidates(r, j, s);
        else if (at == 1) llmfi_gemini_usage(r, j, s);
        else if (at == 2) llmfi_gemini_feedback(j, s);
        else if (at == 5) s->failed = llmfi_json_scalar(j) != LLMFI_J_NULL;
        else if (llmfi_json_scalar(j) != LLMFI_J_STRING) continue;
        else if (at == 3 && !r->model_used.len) llmfi_reply_model(r, llmfi_reply_string(r, j));
        else if (at == 4 && !r->request_id.len) r->request_id = llmfi_reply_keep(r, llmfi_reply_string(r, j));
    }
}

/* RULES 30: the prompt was not taken. */
static void llmfi_gemini_blocked(llmfi_reply *r, const llmfi_gemini_seen *s) {
    llmf_str reason = llmfi_reply_raw(r, s->reason);
    r->blocked = true;
    llmfi_fault_tell(r, LLMF_ERR_CONTENT_FILTER, reason, llmfi_reply_raw(r, s->message));
}

/* The frame's value, to its end: an object, which may stand in an array of its own. False: it is JSON, but none of these. */
static bool llmfi_gemini_value(llmfi_reply *r, llmfi_json *j, llmfi_gemini_seen *s) {
    bool list = llmfi_json_next(j) == LLMFI_J_ARRAY;
    if (list) llmfi_json_next(j);
    if (j->token != LLMFI_J_OBJECT) return j->error != NULL;
    llmfi_gemini_members(r, j, s);
    if (list && !j->error && llmfi_json_next(j) != LLMFI_J_ARRAY_END) return j->error != NULL;
    llmfi_json_next(j);
    return true;
}

/* The whole body of a reply, or one piece of a stream. */
static void llmfi_gemini_frame(llmfi_reply *r, llmf_str event, llmf_str data) {
    llmfi_gemini_seen s;
    llmfi_json j;
    bool ours;
    (void)event;
    if (r->error.code || (r->terminal && LLMFI_IS(llmfi_trim(data), "[DONE]"))) return; /* gateways end every stream so */
    llmfi_reply_mark(r);
    if (llmfi_gemini_alike(r, data)) return;
    memset(&s, 0, sizeof s);
    llmfi_json_init(&j, data, true);
    ours = llmfi_gemini_value(r, &j, &s);
    if (s.again) {
        llmfi_reply_rollback(r);
        llmfi_state_mend(r);
        memset(&s, 0, sizeof s);
        s.look = true;
        llmfi_json_init(&j, data, true);
        ours = llmfi_gemini_value(r, &j, &s);
    }
    if (ours && j.token == LLMFI_J_END && r->streamed && s.parts == 1 && s.text.ptr && !s.other && !s.finished && !s.failed && !s.look)
        llmfi_gemini_remember(r, &s, data);
    if (!ours) llmfi_frame_foreign(r, "an answer of generateContent");
    else if (j.token != LLMFI_J_END) llmfi_state_bad_frame(r, &j, data);
    else if (s.failed) llmfi_fault_object(r, data, llmfi_str("", 0));
    else if (s.reason.len && !s.candidate) llmfi_gemini_blocked(r, &s);
    else if (s.finished || (s.known && !r->streamed)) r->terminal = true;
    else if (!r->streamed) llmfi_frame_foreign(r, "an answer of generateContent");
}

#endif
