/* A model that is none: it says what a script says, without a network, the same each time. For tests, demos, and programs that are still being written.

   The script is a list in `extra` of the model's config or of the request: {"script": [{"text": "Hi"}, {"finish": "length"}]}. Its items, each with one member:
     text, reasoning   a text; where the reply streams it comes a word at a time
     tool              {"id", "name", "arguments"}: arguments an object, or a text to be sent as it is, broken or not; without id one is made
     usage             {"input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens"}
     finish            the provider's word for why it stopped; "stop" where none is given
     error             {"code", "message", "status"}: the reply fails there
     cut               true: the reply ends there without its end
   A list of lists is a script for each turn, chosen by how many assistant messages the request has; the last one stays. Without a script the last user
   message is said back, and usage is counted in words.

   The request's body is the reply: one line of JSON an item, which the transport "echo" sends back. */
#ifndef LLMFI_PROVIDERS_MOCK_H
#define LLMFI_PROVIDERS_MOCK_H
#include "common.h"
#include "fault.h"

enum { LLMFI_MOCK_TEXT, LLMFI_MOCK_REASONING, LLMFI_MOCK_TOOL, LLMFI_MOCK_USAGE, LLMFI_MOCK_FINISH, LLMFI_MOCK_ERROR, LLMFI_MOCK_CUT, LLMFI_MOCK_KINDS };

static const struct {
    const char *name;
    int type;                                /* of the value: LLMFI_STRING … */
} llmfi_mock_kinds[LLMFI_MOCK_KINDS] = { { "text", LLMFI_STRING },    { "reasoning", LLMFI_STRING }, { "tool", LLMFI_OBJECT }, { "usage", LLMFI_OBJECT },
                                         { "finish", LLMFI_STRING }, { "error", LLMFI_OBJECT },     { "cut", LLMFI_TRUE } };

/* ---- the script ---- */

/* What an item is; -1: nothing known. */
static int llmfi_mock_kind(const llmfi_node *item) {
    int k;
    if (item->type != LLMFI_OBJECT || item->count != 1) return -1;
    for (k = 0; k < LLMFI_MOCK_KINDS; k++)
        if (llmfi_eq(item->child->key, llmfi_cstr(llmfi_mock_kinds[k].name))) break;
    if (k == LLMFI_MOCK_KINDS || item->child->type != llmfi_mock_kinds[k].type) return -1;
    return k == LLMFI_MOCK_TOOL && !llmfi_member(item->child, LLMFI_LIT("name")) ? -1 : k;
}

/* The script of this turn; NULL: there is none. */
static const llmfi_node *llmfi_mock_script(const llmfi_ask *a) {
    const llmfi_node *script = llmfi_extra(a, LLMFI_LIT("script")), *turn = script && script->type == LLMFI_ARRAY ? script->child : NULL;
    size_t i;
    if (!turn || turn->type != LLMFI_ARRAY) return script;
    for (i = 0; i < a->req->message_count && turn->next; i++)
        if (a->req->messages[i].role == LLMF_ASSISTANT) turn = turn->next;
    return turn;
}

static void llmfi_mock_check(const llmfi_ask *a, llmfi_refusal *no) {
    const llmfi_node *script = llmfi_mock_script(a), *item;
    if (script && script->type != LLMFI_ARRAY) llmfi_refuse(no, LLMF_ERR_ARGUMENT, "extra.script", "must be a list of items, or a list of such lists");
    for (item = script && script->type == LLMFI_ARRAY ? script->child : NULL; item; item = item->next)
        if (llmfi_mock_kind(item) < 0) {
            llmfi_refuse(no, LLMF_ERR_ARGUMENT, "extra.script",
                         "an item is an object with one of text, reasoning, finish (texts), tool (with a name), usage, error (objects) and cut (true)");
            return;
        }
}

/* ---- the body ---- */

/* A word with the white space behind it. */
static llmf_str llmfi_mock_word(llmf_str s) {
    size_t n = 0;
    while (n < s.len && llmfi_is_space(s.ptr[n])) n++;
    while (n < s.len && !llmfi_is_space(s.ptr[n])) n++;
    while (n < s.len && llmfi_is_space(s.ptr[n])) n++;
    return llmfi_str(s.ptr, n);
}

static int64_t llmfi_mock_words(llmf_str s) {
    int64_t n = 0;
    for (s = llmfi_trim(s); s.len; s = llmfi_from(s, llmfi_mock_word(s).len)) n++;
    return n;
}

/* A line of its own: {"key": text}. */
static void llmfi_mock_line(llmfi_out *o, const char *key, llmf_str text) {
    llmfi_jw w;
    llmfi_jw_init(&w, o);
    llmfi_jw_object(&w);
    llmfi_jw_key_str(&w, llmfi_cstr(key));
    llmfi_jw_str(&w, text);
    llmfi_jw_object_end(&w);
    LLMFI_PUT(o, "\n");
}

static void llmfi_mock_text(const llmfi_ask *a, llmfi_out *o, const char *key, llmf_str text) {
    while (text.len) {
        llmf_str piece = a->req->stream ? llmfi_mock_word(text) : text;
        llmfi_mock_line(o, key, piece);
        text = llmfi_from(text, piece.len);
    }
}

static void llmfi_mock_item(const llmfi_ask *a, llmfi_out *o, const llmfi_node *item) {
    const llmfi_node *value = item->child;
    int kind = llmfi_mock_kind(item);
    llmfi_jw w;
    if (kind == LLMFI_MOCK_TEXT || kind == LLMFI_MOCK_REASONING) {
        llmfi_mock_text(a, o, llmfi_mock_kinds[kind].name, value->text);
    } else if (kind >= 0) {
        llmfi_jw_init(&w, o);
        llmfi_node_write(&w, item);
        LLMFI_PUT(o, "\n");
    }
}

/* Calls `each` for the texts of a message. */
static void llmfi_mock_texts(const llmf_message *m, void (*each)(void *user, llmf_str text), void *user) {
    size_t i;
    each(user, llmfi_text_at(m->content, m->content_len));
    for (i = 0; i < m->part_count; i++)
        if (m->parts[i].type == LLMF_PART_TEXT) each(user, llmfi_text_at(m->parts[i].text, m->parts[i].text_len));
}

typedef struct llmfi_mock_saying {
    const llmfi_ask *ask;
    llmfi_out *out;
    int64_t words;
} llmfi_mock_saying;

static void llmfi_mock_say(void *user, llmf_str text) {
    llmfi_mock_saying *s = (llmfi_mock_saying *)user;
    llmfi_mock_text(s->ask, s->out, "text", text);
    s->words += llmfi_mock_words(text);
}

static void llmfi_mock_count(void *user, llmf_str text) {
    *(int64_t *)user += llmfi_mock_words(text);
}

/* "You said: " and the last user message; then the words of all messages as input, those of the answer as output. */
static void llmfi_mock_echo(const llmfi_ask *a, llmfi_out *o) {
    llmfi_mock_saying s;
    int64_t input = llmfi_mock_words(llmfi_text_at(a->req->system, a->req->system_len));
    size_t i, last = a->req->message_count;
    llmfi_jw w;
    s.ask = a;
    s.out = o;
    s.words = 0;
    for (i = 0; i < a->req->message_count; i++) {
        llmfi_mock_texts(&a->req->messages[i], llmfi_mock_count, &input);
        if (a->req->messages[i].role == LLMF_USER) last = i;
    }
    llmfi_mock_say(&s, LLMFI_LIT("You said: "));
    if (last < a->req->message_count) llmfi_mock_texts(&a->req->messages[last], llmfi_mock_say, &s);
    llmfi_jw_init(&w, o);
    llmfi_jw_object(&w);
    llmfi_jw_key(&w, "usage");
    llmfi_jw_object(&w);
    llmfi_jw_member_int(&w, "input_tokens", input);
    llmfi_jw_member_int(&w, "output_tokens", s.words);
    llmfi_jw_object_end(&w);
    llmfi_jw_object_end(&w);
    LLMFI_PUT(o, "\n");
}

/* Steps: an item each; the last line, which is the one value of `w`. */
static bool llmfi_mock_body(const llmfi_ask *a, unsigned step, llmfi_jw *w) {
    const llmfi_node *script = llmfi_mock_script(a), *item = script ? script->child : NULL;
    unsigned i;
    for (i = 0; i < step && item; i++) item = item->next;
    if (item && llmfi_mock_kind(item) != LLMFI_MOCK_CUT) {
        llmfi_mock_item(a, w->out, item);
        return true;
    }
    if (!script && step == 0) {
        llmfi_mock_echo(a, w->out);
        return true;
    }
    llmfi_jw_object(w);
    if (item) {
        llmfi_jw_member_bool(w, "cut", true);
    } else {
        llmfi_jw_member_str(w, "model", a->model->model_id);
        llmfi_jw_member_bool(w, "done", true);
    }
    llmfi_jw_object_end(w);
    LLMFI_PUT(w->out, "\n");
    return false;
}

static void llmfi_mock_path(const llmfi_ask *a, llmfi_out *out) {
    (void)a;
    LLMFI_PUT(out, "/chat");
}

/* ---- the reply ---- */

static void llmfi_mock_call(llmfi_reply *r, llmfi_json *j) {
    llmf_str id = llmfi_str("", 0), name = id, args = id;
    while (llmfi_json_next(j) == LLMFI_J_KEY)
        if (LLMFI_KEY(j, "id")) llmfi_json_take_raw(j, &id);
        else if (LLMFI_KEY(j, "name")) llmfi_json_take_raw(j, &name);
        else if (LLMFI_KEY(j, "arguments")) llmfi_json_raw(j, &args);
        else llmfi_json_skip(j);
    if (!j->error) llmfi_reply_whole_call(r, id, name, args);
}

static void llmfi_mock_usage(llmfi_reply *r, llmfi_json *j) {
    llmf_usage *u = &r->usage;
    while (llmfi_json_next(j) == LLMFI_J_KEY) {
        int64_t *to = LLMFI_KEY(j, "input_tokens") ? &u->input : LLMFI_KEY(j, "output_tokens") ? &u->output : LLMFI_KEY(j, "reasoning_tokens") ? &u->reasoning
                      : LLMFI_KEY(j, "cache_read_tokens") ? &u->cache_read : LLMFI_KEY(j, "cache_write_tokens") ? &u->cache_write : NULL;
        llmfi_json_scalar(j);
        if (to) *to = llmfi_reply_number(j);
    }
}

static void llmfi_mock_frame(llmfi_reply *r, llmf_str event, llmf_str data) {
    bool failed = false, done = false;
    llmfi_json j;
    (void)event;
    if (r->error.code) return;
    llmfi_reply_mark(r);
    llmfi_json_init(&j, data, true);
    if (llmfi_json_enter(&j, LLMFI_J_OBJECT))
        while (llmfi_json_next(&j) == LLMFI_J_KEY) {
            if (LLMFI_KEY(&j, "text")) {
                if (llmfi_json_scalar(&j) == LLMFI_J_STRING) llmfi_reply_text_json(r, &j);
            } else if (LLMFI_KEY(&j, "reasoning")) {
                if (llmfi_json_scalar(&j) == LLMFI_J_STRING) llmfi_reply_reasoning_json(r, &j);
            } else if (LLMFI_KEY(&j, "tool")) {
                if (llmfi_json_enter(&j, LLMFI_J_OBJECT)) llmfi_mock_call(r, &j);
            } else if (LLMFI_KEY(&j, "usage")) {
                if (llmfi_json_enter(&j, LLMFI_J_OBJECT)) llmfi_mock_usage(r, &j);
            } else if (LLMFI_KEY(&j, "finish")) {
                if (llmfi_json_scalar(&j) == LLMFI_J_STRING) llmfi_reply_finish(r, llmfi_reply_string(r, &j));
            } else if (LLMFI_KEY(&j, "model")) {
                if (llmfi_json_scalar(&j) == LLMFI_J_STRING) llmfi_reply_model(r, llmfi_reply_string(r, &j));
            } else if (LLMFI_KEY(&j, "error")) {
                failed = llmfi_json_scalar(&j) != LLMFI_J_NULL;
            } else if (LLMFI_KEY(&j, "done")) {
                done = llmfi_json_scalar(&j) == LLMFI_J_TRUE;
            } else {
                llmfi_json_skip(&j);
            }
        }
    if (!llmfi_frame_end(r, &j, data)) return;
    if (failed) llmfi_fault_object(r, data, llmfi_str("", 0));
    if (!done) return;
    if (!r->finish_raw.len) llmfi_reply_finish(r, LLMFI_LIT("stop"));
    r->terminal = true;
}

static const llmfi_adapter llmfi_mock = {
    "mock",
    llmfi_mock_check,
    llmfi_mock_path,
    NULL,
    llmfi_mock_body,
    LLMF_FRAMING_NDJSON,
    LLMF_FRAMING_NDJSON,
    llmfi_mock_frame,
    NULL
};

#endif
