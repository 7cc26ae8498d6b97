/* A history that has outgrown its model's window, made to fit: results of tools shortened, oldest turns dropped, what was dropped summed up by another model. Nothing is
   sent from here, and nothing is dropped without being told. */
#ifndef LLMFI_TASKS_FIT_H
#define LLMFI_TASKS_FIT_H
#include "../engine/models.h"
#include "../engine/tokens.h"

#if LLMF_HAS_FIT

enum { LLMFI_FIT_KEEP = 4, LLMFI_FIT_MEDIA = 1600, LLMFI_FIT_SUMMARY = 512, LLMFI_FIT_MESSAGE = 4 /* tokens around each message */ };
enum { LLMFI_FIT_STAYS, LLMFI_FIT_DROPPED, LLMFI_FIT_REPLACED };

static const char llmfi_fit_marker[] = "[this result was dropped to save room]";
#define LLMFI_FIT_NAME "summary"             /* of the message that has one */
static const char llmfi_fit_asks[] =
    "You are given the beginning of a conversation between a user and an assistant. Sum it up for the assistant, who will go on without having seen it: what the user wants, "
    "what was decided and found out, names, numbers and paths that matter, and what is left to do. Give the summary alone, in the language of the conversation.";

typedef struct llmfi_fitting {
    const llmf_request *req;
    llmf_fit *fit;
    llmfi_arena *arena;                      /* of what is handed out */
    unsigned char *what;                     /* of each message: LLMFI_FIT_… */
    int64_t *tokens;                         /* of each */
    int64_t total, window;
#if LLMF_HAS_TOKENS
    llmf_tokens *ranks;                      /* of the model; NULL: there are none */
#endif
} llmfi_fitting;

/* ---- tokens ---- */

/* What the model's ranks say. False: there are none, or no memory. */
static bool llmfi_fit_exact(const llmfi_fitting *s, llmf_str text, int64_t *n) {
#if LLMF_HAS_TOKENS
    llmfi_ids ids;
    memset(&ids, 0, sizeof ids);
    if (!s->ranks || !llmfi_tokens_run(s->ranks, text, false, &ids)) return false;
    *n = ids.count;
    return true;
#else
    (void)s, (void)text, (void)n;
    return false;
#endif
}

/* The one place where a text becomes tokens: the program's own count, else that of the model's ranks (llmf_desc.ranks), else three bytes each, which is a third too high for
   English, about right for code, Chinese and Arabic. */
static int64_t llmfi_fit_tokens(const llmfi_fitting *s, llmf_str text) {
    int64_t n = 0;
    if (!text.len) return 0;
    if (s->fit->count) n = s->fit->count(s->fit->user, text);
    else if (!llmfi_fit_exact(s, text, &n)) n = (int64_t)(text.len / 3 + (text.len % 3 != 0));
    return n < 0 ? 0 : n < INT64_MAX / 1024 ? n : INT64_MAX / 1024;
}

/* Sums stay where they can be added to. */
static void llmfi_fit_add(int64_t *sum, int64_t more) {
    *sum = *sum > INT64_MAX / 4 || more > INT64_MAX / 4 ? INT64_MAX / 2 : *sum + more;
}

/* A number of the program's, or the usual one where it gave none. */
static int64_t llmfi_fit_or(int64_t given, int64_t usual) {
    return given > 0 ? given : usual;
}

/* Tokens of a summary at most. */
static int64_t llmfi_fit_room(const llmfi_fitting *s) {
    return llmfi_fit_or(s->fit->summary_tokens, s->fit->limit / 4 < LLMFI_FIT_SUMMARY ? s->fit->limit / 4 + 1 : (int64_t)LLMFI_FIT_SUMMARY);
}

static llmf_str llmfi_fit_text(const char *text, size_t len) {
    return llmfi_str(text, !text ? 0 : len ? len : llmfi_strlen(text));
}

static int64_t llmfi_fit_message(const llmfi_fitting *s, const llmf_message *m) {
    int64_t n = LLMFI_FIT_MESSAGE;
    size_t i;
    llmfi_fit_add(&n, llmfi_fit_tokens(s, llmfi_fit_text(m->content, m->content_len)));
    llmfi_fit_add(&n, llmfi_fit_tokens(s, m->state));
    llmfi_fit_add(&n, llmfi_fit_tokens(s, m->reasoning));
    llmfi_fit_add(&n, llmfi_fit_tokens(s, m->name));
    for (i = 0; m->parts && i < m->part_count; i++) {
        const llmf_part *p = &m->parts[i];
        llmfi_fit_add(&n, p->type == LLMF_PART_TEXT ? llmfi_fit_tokens(s, llmfi_fit_text(p->text, p->text_len)) : llmfi_fit_or(s->fit->media_tokens, LLMFI_FIT_MEDIA));
    }
    for (i = 0; m->tool_calls && i < m->tool_call_count; i++) {
        llmfi_fit_add(&n, LLMFI_FIT_MESSAGE + llmfi_fit_tokens(s, m->tool_calls[i].name));
        llmfi_fit_add(&n, llmfi_fit_tokens(s, m->tool_calls[i].arguments));
    }
    return n;
}

/* All of the request, each message noted. */
static void llmfi_fit_measure(llmfi_fitting *s) {
    const llmf_request *r = s->req;
    size_t i;
    s->total = LLMFI_FIT_MESSAGE;
    llmfi_fit_add(&s->total, llmfi_fit_tokens(s, llmfi_fit_text(r->system, r->system_len)));
    llmfi_fit_add(&s->total, llmfi_fit_tokens(s, llmfi_fit_text(r->prompt, r->prompt_len)));
    llmfi_fit_add(&s->total, llmfi_fit_tokens(s, llmfi_cstr(r->format)));
    for (i = 0; r->tools && i < r->tool_count; i++) {
        llmfi_fit_add(&s->total, LLMFI_FIT_MESSAGE + llmfi_fit_tokens(s, llmfi_cstr(r->tools[i].name)));
        llmfi_fit_add(&s->total, llmfi_fit_tokens(s, llmfi_cstr(r->tools[i].description)));
        llmfi_fit_add(&s->total, llmfi_fit_tokens(s, llmfi_cstr(r->tools[i].parameters)));
    }
    for (i = 0; i < r->message_count; i++) {
        s->tokens[i] = llmfi_fit_message(s, &r->messages[i]);
        llmfi_fit_add(&s->total, s->tokens[i]);
    }
}

/* ---- rules ---- */

static bool llmfi_fit_fits(const llmfi_fitting *s) {
    return s->total <= s->fit->limit;
}

static llmf_str llmfi_fit_marker_of(const llmfi_fitting *s) {
    return s->fit->marker ? llmfi_cstr(s->fit->marker) : llmfi_cstr(llmfi_fit_marker);
}

/* A summary that an earlier call has put there: the next one takes its place. */
static bool llmfi_fit_is_summary(const llmf_message *m) {
    return m->role == LLMF_SYSTEM && LLMFI_IS(m->name, LLMFI_FIT_NAME);
}

static bool llmfi_fit_wants_summary(const llmfi_fitting *s) {
    return s->fit->ask_summary || s->fit->summary.len;
}

/* The oldest results of tools before `until`, until it fits. */
static void llmfi_fit_results(llmfi_fitting *s, size_t until) {
    int64_t less = LLMFI_FIT_MESSAGE + llmfi_fit_tokens(s, llmfi_fit_marker_of(s));
    size_t i;
    for (i = 0; i < until && !llmfi_fit_fits(s); i++) {
        if (s->req->messages[i].role != LLMF_TOOL || s->tokens[i] <= less) continue;
        s->total -= s->tokens[i] - less;
        s->tokens[i] = less;
        s->what[i] = LLMFI_FIT_REPLACED;
        s->fit->replaced++;
    }
}

/* Messages from..to-1 go, but for those of the system. */
static void llmfi_fit_drop(llmfi_fitting *s, size_t from, size_t to) {
    for (; from < to; from++) {
        if (s->req->messages[from].role == LLMF_SYSTEM) continue;
        if (s->what[from] == LLMFI_FIT_REPLACED) s->fit->replaced--;
        s->total -= s->tokens[from];
        s->what[from] = LLMFI_FIT_DROPPED;
        s->fit->dropped++;
    }
}

/* The first message from `at` on with that role, or (other) without it; message_count: there is none. */
static size_t llmfi_fit_find(const llmfi_fitting *s, size_t at, int role, bool other) {
    while (at < s->req->message_count && (s->req->messages[at].role == role) == other) at++;
    return at;
}

/* Whole turns from the front, each from a user's message to the one before the next; then, in the newest turn, what the assistant has called together with what came of it.
   So no call is ever without its result, and what stays begins with a user's message. Nothing from `until` on, nor the newest question. */
static void llmfi_fit_turns(llmfi_fitting *s, size_t until) {
    const llmf_request *r = s->req;
    size_t count = r->message_count, newest = count, at, next;
    if (!r->prompt)
        for (at = count; at-- > 0 && newest == count;)
            if (r->messages[at].role == LLMF_USER) newest = at;
    for (at = llmfi_fit_find(s, 0, LLMF_SYSTEM, true); at < count && !llmfi_fit_fits(s); at = next) {
        next = llmfi_fit_find(s, at + 1, LLMF_USER, false);
        if (next > until || next > newest) break;
        llmfi_fit_drop(s, at, next);
    }
    for (at = newest + 1; newest < count && at < until && !llmfi_fit_fits(s); at = next) {
        next = llmfi_fit_find(s, at + 1, LLMF_TOOL, true);
        if (next > until || next >= count) break;
        if (r->messages[at].role == LLMF_ASSISTANT) llmfi_fit_drop(s, at, next);
    }
}

/* The summary, or room for one, takes tokens; one of earlier goes with what it was about. */
static void llmfi_fit_make_room(llmfi_fitting *s) {
    int64_t room = llmfi_fit_room(s), has = llmfi_fit_tokens(s, s->fit->summary);
    size_t i;
    llmfi_fit_add(&s->total, (has > room ? has : room) + LLMFI_FIT_MESSAGE);
    for (i = 0; i < s->req->message_count; i++)
        if (llmfi_fit_is_summary(&s->req->messages[i])) {
            s->total -= s->tokens[i];
            s->what[i] = LLMFI_FIT_DROPPED;
        }
}

static void llmfi_fit_rules(llmfi_fitting *s) {
    size_t keep = s->fit->keep_last ? s->fit->keep_last : (size_t)LLMFI_FIT_KEEP, count = s->req->message_count;
    size_t until = keep < count ? count - keep : 0, i;
    int rules = s->fit->rules ? s->fit->rules : LLMF_FIT_TOOLS | LLMF_FIT_TURNS;
    int64_t before, has;
    if (rules & LLMF_FIT_TOOLS) llmfi_fit_results(s, until);
    before = s->total;
    if (!(rules & LLMF_FIT_TURNS) || llmfi_fit_fits(s)) return;
    if (llmfi_fit_wants_summary(s)) llmfi_fit_make_room(s);
    llmfi_fit_turns(s, until);
    if (!llmfi_fit_wants_summary(s)) return;
    if (!s->fit->dropped) { /* nothing to sum up */
        s->total = before;
        for (i = 0; i < count; i++)
            if (s->what[i] == LLMFI_FIT_DROPPED) s->what[i] = LLMFI_FIT_STAYS;
        return;
    }
    has = llmfi_fit_tokens(s, s->fit->summary);
    if (has && has < llmfi_fit_room(s)) s->total -= llmfi_fit_room(s) - has;
}

/* ---- what is handed out ---- */

static bool llmfi_fit_messages(llmfi_fitting *s, llmf_rendered *p) {
    size_t count = s->req->message_count, n = 0, i;
    bool due = s->fit->summary.len && s->fit->dropped;
    llmf_message *to = (llmf_message *)llmfi_arena_array(s->arena, count + 1, sizeof *to);
    llmf_str marker = llmfi_arena_copy(s->arena, llmfi_fit_marker_of(s)), summary = llmfi_arena_copy(s->arena, s->fit->summary);
    if (!to || s->arena->failed) return false;
    for (i = 0; i < count || due; i++) {
        if (due && (i == count || s->req->messages[i].role != LLMF_SYSTEM)) { /* behind the system's own, before all else */
            memset(&to[n], 0, sizeof *to);
            to[n].role = LLMF_SYSTEM;
            to[n].content = summary.ptr;
            to[n].content_len = summary.len;
            to[n++].name = llmfi_cstr(LLMFI_FIT_NAME);
            due = false;
        }
        if (i >= count || s->what[i] == LLMFI_FIT_DROPPED) continue;
        to[n] = s->req->messages[i];
        if (s->what[i] == LLMFI_FIT_REPLACED) {
            to[n].content = marker.ptr;
            to[n].content_len = marker.len;
            to[n].parts = NULL;
            to[n].part_count = 0;
        }
        n++;
    }
    p->request.messages = n ? to : NULL;
    p->request.message_count = n;
    return true;
}

/* A text of at most so many bytes: of a longer one its beginning and its end. */
static void llmfi_fit_put(llmfi_out *out, llmf_str text, size_t most) {
    llmf_str head = llmfi_utf8_cut(text, most / 2), tail = llmfi_from(text, text.len > most / 2 ? text.len - most / 2 : 0);
    if (text.len <= most) {
        llmfi_put_str(out, text);
        return;
    }
    while (tail.len && ((unsigned char)tail.ptr[0] & 0xC0) == 0x80) tail = llmfi_from(tail, 1);
    llmfi_put_str(out, head);
    LLMFI_PUT(out, " [...] ");
    llmfi_put_str(out, tail);
}

static void llmfi_fit_put_message(llmfi_out *out, const llmf_message *m, size_t most) {
    static const char *const names[] = {"User: ", "Assistant: ", "Summary of what was before: ", "Result of a tool: "};
    size_t i;
    llmfi_put_str(out, llmfi_cstr(names[m->role >= LLMF_USER && m->role <= LLMF_TOOL ? m->role : LLMF_USER]));
    llmfi_fit_put(out, llmfi_fit_text(m->content, m->content_len), most);
    for (i = 0; m->parts && i < m->part_count; i++) {
        if (m->parts[i].type == LLMF_PART_TEXT) llmfi_fit_put(out, llmfi_fit_text(m->parts[i].text, m->parts[i].text_len), most);
        else LLMFI_PUT(out, "[a picture or a file]");
    }
    for (i = 0; m->tool_calls && i < m->tool_call_count; i++) {
        LLMFI_PUT(out, "[calls ");
        llmfi_put_str(out, m->tool_calls[i].name);
        LLMFI_PUT(out, " with ");
        llmfi_fit_put(out, m->tool_calls[i].arguments, most);
        LLMFI_PUT(out, "]");
    }
    LLMFI_PUT(out, "\n\n");
}

static void llmfi_fit_transcript(const llmfi_fitting *s, llmfi_out *out, size_t most) {
    size_t i;
    for (i = 0; i < s->req->message_count; i++)
        if (s->what[i] == LLMFI_FIT_DROPPED) llmfi_fit_put_message(out, &s->req->messages[i], most);
}

/* Instead: the request for a summary of what is dropped, itself no longer than the window of the model that the history is for. */
static bool llmfi_fit_summary(llmfi_fitting *s, llmf_rendered *p) {
    uint64_t room = (uint64_t)(s->window > 0 ? s->window : 0) * 2;
    size_t most = (size_t)1 << 20, len;
    llmfi_out out;
    char *text;
    memset(&p->request, 0, sizeof p->request);
    if (!s->fit->dropped) return true;
    for (;;) {
        llmfi_out_count(&out);
        llmfi_fit_transcript(s, &out, most);
        if (out.total <= room || most <= 64) break;
        most /= 2;
    }
    if (out.total > (size_t)-1 / 8) return false;
    len = (size_t)out.total;
    text = (char *)llmfi_arena_alloc(s->arena, len + 1);
    if (!text) return false;
    llmfi_out_window(&out, text, len, 0);
    llmfi_fit_transcript(s, &out, most);
    text[len] = '\0';
    p->request.system = llmfi_fit_asks;
    p->request.prompt = text;
    p->request.prompt_len = len;
    p->request.max_tokens = llmfi_fit_room(s);
    return true;
}

/* ---- the whole ---- */

static LLMFI_COLD void llmfi_fit_say(const llmfi_fitting *s, llmfi_text *t) {
    llmfi_say_int(t, s->fit->before);
    LLMFI_SAY(t, " tokens of ");
    llmfi_say_int(t, s->fit->limit);
    LLMFI_SAY(t, " became ");
    llmfi_say_int(t, s->fit->after);
    LLMFI_SAY(t, ": messages dropped: ");
    llmfi_say_int(t, (int64_t)s->fit->dropped);
    LLMFI_SAY(t, ", results of tools shortened: ");
    llmfi_say_int(t, (int64_t)s->fit->replaced);
}

static bool llmfi_fit_told(llmf_factory *f, const llmfi_fitting *s, llmf_error *err) {
    char line[200];
    llmfi_text t;
    if (!llmfi_fit_fits(s)) {
        t = llmfi_error_begin(err, LLMF_ERR_CONTEXT_LENGTH);
        LLMFI_SAY(&t, "llmf_fit: what may not be dropped is too long: ");
        llmfi_fit_say(s, &t);
        LLMFI_SAY(&t, "; lower keep_last or reserve, allow more rules, or take a model with a larger window");
        return false;
    }
    if (!s->fit->dropped && !s->fit->replaced) return true;
    t = llmfi_text_in(line, sizeof line);
    LLMFI_SAY(&t, "llmf_fit: ");
    llmfi_fit_say(s, &t);
    llmfi_log(f, LLMF_LOG_INFO, 5, llmfi_str(line, t.len));
    return true;
}

/* The window, and what of it the answer needs. */
static bool llmfi_fit_limit(llmf_factory *f, llmf_model m, llmfi_fitting *s, llmf_error *err) {
    uint32_t at = llmfi_handle_at(&f->handles, m);
    const llmfi_prepared *prepared = at ? llmfi_handle_use(&f->handles, f->config, at, err) : NULL;
    int64_t reserve = s->fit->reserve > 0 ? s->fit->reserve : s->req->max_tokens > 0 ? s->req->max_tokens : 0;
    if (m.id && !at) return llmfi_error_set(err, LLMF_ERR_STALE, "the model handle has ended (llmf_drop)");
    if (at && !prepared) return false;
#if LLMF_HAS_TOKENS
    if (prepared && !s->fit->count) {
        const llmfi_tokenizer_row *row = llmfi_tokenizer_of(prepared->record.s.model_id);
        s->ranks = row ? llmfi_tokens_for(f, row->encoding) : NULL;
    }
#endif
    s->window = s->fit->window > 0 ? s->fit->window : prepared ? prepared->record.s.context_window : 0;
    if (s->window <= 0) return llmfi_error_set(err, LLMF_ERR_ARGUMENT, "llmf_fit.window is 0, and the model's window is not known: set it, or context_window in the model's config");
    if (!reserve) {
        reserve = s->window / 4;
        if (prepared && prepared->record.s.max_output > 0 && prepared->record.s.max_output < reserve) reserve = prepared->record.s.max_output;
    }
    s->fit->limit = reserve < s->window ? s->window - reserve : 0;
    return true;
}

static bool llmfi_fit_check(const llmf_request *r, const llmf_fit *fit, llmf_error *err) {
    if (r->message_count && !r->messages) return llmfi_error_set(err, LLMF_ERR_ARGUMENT, "llmf_fit: messages is NULL but message_count is not 0");
    if (r->message_count > LLMF_MAX_MESSAGES) return llmfi_error_set(err, LLMF_ERR_LIMIT, "llmf_fit: more messages than LLMF_MAX_MESSAGES");
    if (fit->rules & ~(LLMF_FIT_TOOLS | LLMF_FIT_TURNS)) return llmfi_error_set(err, LLMF_ERR_ARGUMENT, "llmf_fit.rules has bits that are no LLMF_FIT_");
    if (fit->window < 0 || fit->reserve < 0 || fit->media_tokens < 0 || fit->summary_tokens < 0) return llmfi_error_set(err, LLMF_ERR_ARGUMENT, "llmf_fit: window, reserve, media_tokens and summary_tokens may not be below 0");
    return true;
}

static bool llmfi_fit_into(llmf_factory *f, llmf_model m, llmfi_fitting *s, llmf_rendered *p, llmf_error *err) {
    size_t count = s->req->message_count + 1;
    if (!llmfi_fit_limit(f, m, s, err)) return false;
    s->what = (unsigned char *)llmfi_arena_array(s->arena, count, 1);
    s->tokens = (int64_t *)llmfi_arena_array(s->arena, count, sizeof *s->tokens);
    if (!s->what || !s->tokens) return llmfi_error_memory(err);
    memset(s->what, LLMFI_FIT_STAYS, count);
    s->fit->what = s->what;
    llmfi_fit_measure(s);
    s->fit->before = s->total;
    llmfi_fit_rules(s);
    s->fit->after = s->total;
    if (!llmfi_fit_told(f, s, err)) return false;
    if (!(s->fit->ask_summary ? llmfi_fit_summary(s, p) : llmfi_fit_messages(s, p)) || s->arena->failed) return llmfi_error_memory(err);
    return true;
}

/* The arena is a piece of its own: *p may be copied about. */
static bool llmfi_fit_all(llmf_factory *f, llmf_model m, llmf_fit *fit, llmf_rendered *p, llmf_error *err) {
    llmf_request req = p->request;
    llmfi_fitting s;
    llmfi_arena *a;
    if (!llmfi_fit_check(&req, fit, err)) return false;
    a = (llmfi_arena *)llmfi_heap_alloc(&f->heap, sizeof *a);
    if (!a) return llmfi_error_memory(err);
    llmfi_arena_init(a, &f->heap, 0);
    memset(&s, 0, sizeof s);
    s.req = &req;
    s.fit = fit;
    s.arena = a;
    p->memory = a;
    if (llmfi_fit_into(f, m, &s, p, err)) return true;
    llmfi_arena_free(a);
    llmfi_heap_free(&f->heap, a);
    fit->what = NULL;
    return false;
}

LLMF_API llmf_result llmf_fit_abi(llmf_factory *f, llmf_model m, const llmf_request *req, size_t req_size, llmf_fit *fit, size_t fit_size, llmf_rendered *p, size_t p_size, llmf_error *err) {
    llmf_rendered made;
    llmf_fit rules;
    llmf_error why;
    memset(&made, 0, sizeof made);
    memset(&rules, 0, sizeof rules);
    llmfi_error_clear(&why);
    if (req) memcpy(&made.request, req, req_size < sizeof made.request ? req_size : sizeof made.request);
    if (fit) memcpy(&rules, fit, fit_size < sizeof rules ? fit_size : sizeof rules);
    rules.limit = rules.before = rules.after = 0;
    rules.dropped = rules.replaced = 0;
    rules.what = NULL;
    if (!f || !req || !fit || !p) llmfi_error_set(&why, LLMF_ERR_ARGUMENT, "llmf_fit: the factory, req, fit or p is NULL");
    else if (!llmfi_fit_all(f, m, &rules, &made, &why)) memset(&made, 0, sizeof made);
    made.model = llmfi_str("", 0);
    if (fit) memcpy(fit, &rules, fit_size < sizeof rules ? fit_size : sizeof rules);
    if (p) memcpy(p, &made, p_size < sizeof made ? p_size : sizeof made);
    if (f && why.code != LLMF_OK) f->last_error = why;
    if (err) *err = why;
    return (llmf_result)why.code;
}

#else

LLMF_API llmf_result llmf_fit_abi(llmf_factory *f, llmf_model m, const llmf_request *req, size_t req_size, llmf_fit *fit, size_t fit_size, llmf_rendered *p, size_t p_size, llmf_error *err) {
    llmf_error local;
    (void)m, (void)req, (void)req_size, (void)fit, (void)fit_size;
    if (!err) err = f ? &f->last_error : &local;
    llmfi_error_left_out(err, "llmf_fit", "FIT");
    if (p) memset(p, 0, p_size);
    return LLMF_ERR_NOT_BUILT;
}

#endif
#endif
