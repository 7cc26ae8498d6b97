/* What the readers of several dialects have in common: small steps over the JSON of a frame. */
#ifndef LLMFI_PROVIDERS_COMMON_H
#define LLMFI_PROVIDERS_COMMON_H
#include "body.h"

/* The next value as a count; anything but a whole number from 0 is LLMF_UNKNOWN. */
LLMFI_UNUSED static int64_t llmfi_json_tokens(llmfi_json *j) {
#if !LLMFI_SMALL
    int64_t count;
    if (llmfi_json_whole(j, &count)) return count;
#endif
    llmfi_json_scalar(j);
    return llmfi_reply_number(j);
}

/* The next value as its raw text between the quotes; anything but a string leaves *raw as it is. */
LLMFI_UNUSED static void llmfi_json_take_raw(llmfi_json *j, llmf_str *raw) {
    if (llmfi_json_scalar(j) == LLMFI_J_STRING) *raw = j->text;
}

/* The `type` of the object that was just opened, raw. The reader then stands at its first key besides, or at its end. */
LLMFI_UNUSED static llmf_str llmfi_json_type(llmfi_json *j) {
    llmf_str type = llmfi_str("", 0);
    llmfi_json ahead;
    llmfi_json_next(j);
    if (j->token != LLMFI_J_KEY) return type;
    if (LLMFI_KEY(j, "type")) { /* where it mostly stands */
        llmfi_json_take_raw(j, &type);
        llmfi_json_next(j);
        return type;
    }
    ahead = *j;
    for (; ahead.token == LLMFI_J_KEY && !type.len; llmfi_json_next(&ahead))
        if (LLMFI_KEY(&ahead, "type")) llmfi_json_take_raw(&ahead, &type);
        else llmfi_json_skip(&ahead);
    return type;
}

/* ---- values put aside: the members of an object by their names, in whatever order they come ---- */

/* text: as llmfi_json has it; of an array or object all of its bytes. token: LLMFI_J_…; 0: it was not there. Views into the frame. */
typedef struct llmfi_value {
    llmf_str text;
    int token;
    bool escaped, wide;
} llmfi_value;

/* A member that is wanted, and where in a struct of values it goes. */
typedef struct llmfi_value_row {
    const char *name;
    uint8_t len;
    uint16_t at;
} llmfi_value_row;
#define LLMFI_VALUE(object, member) { #member, sizeof(#member) - 1, offsetof(object, member) }

/* The next value: its token. */
LLMFI_UNUSED static int llmfi_value_take(llmfi_json *j, llmfi_value *v) {
    const char *begin;
    v->token = llmfi_json_next(j);
    v->text = j->text;
    v->escaped = j->escaped;
    v->wide = j->wide;
    if (v->token != LLMFI_J_OBJECT && v->token != LLMFI_J_ARRAY) return v->token;
    begin = j->at - 1;
    if (llmfi_json_skip(j) > 0) v->text = llmfi_range(begin, j->at - (j->item && j->want == j->item)); /* not with a comma that was taken behind it */
    return v->token;
}

/* The members of the object that was just opened; of one that comes twice the last. `to`: zeroed. */
LLMFI_UNUSED static void llmfi_value_read(llmfi_json *j, const llmfi_value_row *rows, size_t count, void *to) {
    size_t i;
    while (llmfi_json_next(j) == LLMFI_J_KEY) {
        for (i = 0; i < count; i++) {
            llmf_str name = llmfi_str(rows[i].name, rows[i].len);
            if (j->escaped ? llmfi_json_is(j, name) : llmfi_eq(j->text, name)) break;
        }
        if (i < count) llmfi_value_take(j, (llmfi_value *)(void *)((char *)to + rows[i].at));
        else llmfi_json_skip(j);
    }
}

/* The members of a value that is an object. `to`, a struct of values of `size` bytes, is all zero where it is none. */
LLMFI_UNUSED static bool llmfi_value_members(const llmfi_value *v, const llmfi_value_row *rows, size_t count, void *to, size_t size) {
    llmfi_json j;
    memset(to, 0, size);
    if (v->token != LLMFI_J_OBJECT) return false;
    llmfi_json_init(&j, v->text, true);
    llmfi_json_next(&j);
    llmfi_value_read(&j, rows, count, to);
    return true;
}

/* A reader for llmfi_value_next: inside the array, or one without items where it is none. */
LLMFI_UNUSED static llmfi_json llmfi_value_list(const llmfi_value *v) {
    llmfi_json j;
    llmfi_json_init(&j, v->token == LLMFI_J_ARRAY ? v->text : LLMFI_LIT("[]"), true);
    llmfi_json_next(&j);
    return j;
}

/* The next item; false: there is none. */
LLMFI_UNUSED static bool llmfi_value_next(llmfi_json *j, llmfi_value *v) {
    int token = llmfi_value_take(j, v);
    return token > 0 && token != LLMFI_J_ARRAY_END;
}

/* A reader that stands at the value. */
LLMFI_UNUSED static llmfi_json llmfi_value_json(const llmfi_value *v) {
    llmfi_json j;
    memset(&j, 0, sizeof j);
    j.text = v->text;
    j.token = v->token;
    j.escaped = v->escaped;
    j.wide = v->wide;
    return j;
}

/* The text of a string, decoded; of anything else none. */
LLMFI_UNUSED static llmf_str llmfi_value_text(llmfi_reply *r, const llmfi_value *v) {
    llmfi_json j;
    if (v->token != LLMFI_J_STRING) return llmfi_str("", 0);
    if (!v->escaped && !v->wide) return v->text;
    j = llmfi_value_json(v);
    return llmfi_reply_string(r, &j);
}

/* A count; of anything but a whole number from 0 LLMF_UNKNOWN. */
LLMFI_UNUSED static int64_t llmfi_value_count(const llmfi_value *v) {
    int64_t n;
    if (v->token != LLMFI_J_NUMBER) return LLMF_UNKNOWN;
    return (llmfi_parse_int(v->text, &n) || llmfi_parse_whole(v->text, &n)) && n >= 0 ? n : LLMF_UNKNOWN;
}

/* More than null, false, "", {} and []. */
LLMFI_UNUSED static bool llmfi_value_some(const llmfi_value *v) {
    size_t brackets = v->token == LLMFI_J_OBJECT || v->token == LLMFI_J_ARRAY ? 2 : 0;
    return v->token > LLMFI_J_FALSE && v->text.len > brackets;
}

/* ---- raw texts ---- */

/* A reader that stands at a string whose raw text was put aside. */
LLMFI_UNUSED static llmfi_json llmfi_json_at_raw(llmf_str raw) {
    llmfi_json j;
    memset(&j, 0, sizeof j);
    j.text = raw;
    j.token = LLMFI_J_STRING;
    j.escaped = llmfi_find_char(raw, '\\') != LLMFI_NOWHERE;
    j.wide = true;
    return j;
}

/* The same, decoded. */
LLMFI_UNUSED static llmf_str llmfi_reply_raw(llmfi_reply *r, llmf_str raw) {
    llmfi_json j = llmfi_json_at_raw(raw);
    return raw.len ? llmfi_reply_string(r, &j) : llmfi_str("", 0);
}

/* Adds raw JSON text, cleaned of what is no UTF-8, to a buffer of which nothing is ever lent to an event: the state, the dialect's own. */
LLMFI_UNUSED static void llmfi_reply_put(llmfi_reply *r, llmfi_buf *b, llmf_str raw) {
    raw = llmfi_reply_clean(r, raw);
    if (!raw.len || r->error.code || !llmfi_reply_room(r, -2, b, raw.len)) return;
    memcpy(b->ptr + b->len, raw.ptr, raw.len);
    b->len += raw.len;
}
#define LLMFI_REPLY_PUT(r, b, lit) llmfi_reply_put((r), (b), LLMFI_LIT(lit))

/* ---- states: the provider's name, a colon and a JSON array, whole at any time between two frames; another host would refuse what is in it ---- */

/* The name that a state of this model begins with; model may be NULL. dialect: where it has no provider. */
LLMFI_UNUSED static llmf_str llmfi_state_owner(const llmfi_settings *model, const char *dialect) {
    return model && model->provider.len ? model->provider : llmfi_cstr(dialect);
}

/* Makes room for one more item, which llmfi_reply_put then writes to r->state; gives what llmfi_state_close wants. */
LLMFI_UNUSED static size_t llmfi_state_open(llmfi_reply *r, const char *dialect) {
    llmfi_buf *b = &r->state;
    size_t before = b->len;
    if (r->error.code) return before;
    if (before) b->len--; /* its ] */
    else llmfi_reply_put(r, b, llmfi_state_owner((const llmfi_settings *)r->user, dialect));
    llmfi_reply_put(r, b, before ? LLMFI_LIT(",") : LLMFI_LIT(":["));
    return before;
}

LLMFI_UNUSED static void llmfi_state_mend(llmfi_reply *r) {
    if (r->state.len) r->state.ptr[r->state.len - 1] = ']';
}

LLMFI_UNUSED static void llmfi_state_close(llmfi_reply *r, size_t before) {
    LLMFI_REPLY_PUT(r, &r->state, "]");
    if (!r->error.code) return;
    r->state.len = before;
    llmfi_state_mend(r);
}

/* Undoes the frame, and what opening has done to the state of earlier frames. */
LLMFI_UNUSED static void llmfi_state_bad_frame(llmfi_reply *r, const llmfi_json *j, llmf_str frame) {
    llmfi_reply_bad_frame(r, j, frame);
    llmfi_state_mend(r);
}

/* The array of a state that this provider gave; empty: there is none. */
LLMFI_UNUSED static llmf_str llmfi_state_items(const llmfi_ask *a, const llmf_message *m, const char *dialect) {
    llmf_str state = m->state, owner = llmfi_state_owner(a->model, dialect);
    if (m->role != LLMF_ASSISTANT || state.len <= owner.len || !llmfi_starts(state, owner) || state.ptr[owner.len] != ':') return llmfi_str("", 0);
    return llmfi_from(state, owner.len + 1);
}

/* Writes the items of a JSON array into the array that is open. Those behind a broken one are left out. */
LLMFI_UNUSED static void llmfi_jw_items(llmfi_jw *w, llmf_str array) {
    llmfi_json j;
    llmf_str item;
    llmfi_json_init(&j, array, true);
    if (llmfi_json_next(&j) != LLMFI_J_ARRAY) return;
    while (llmfi_json_raw(&j, &item) == LLMFI_J_OBJECT) llmfi_jw_raw(w, item);
}

/* ---- calls and their results ---- */

/* Arguments as raw JSON: a string is their own text, or a piece of it; null is none. */
LLMFI_UNUSED static void llmfi_reply_raw_args(llmfi_reply *r, int at, llmf_str args) {
    if (args.len > 1 && args.ptr[0] == '"') {
        llmfi_json text = llmfi_json_at_raw(llmfi_str(args.ptr + 1, args.len - 2));
        llmfi_reply_tool_args_json(r, at, &text);
    } else if (!LLMFI_IS(args, "null")) {
        llmfi_reply_tool_args(r, at, llmfi_reply_clean(r, args));
    }
}

/* A tool call that comes in one piece. id and name: raw texts. args: raw JSON, as a rule an object. */
LLMFI_UNUSED static void llmfi_reply_whole_call(llmfi_reply *r, llmf_str id, llmf_str name, llmf_str args) {
    int at;
    id = llmfi_reply_raw(r, id);
    at = llmfi_reply_tool_begin(r, -1, id, llmfi_reply_raw(r, name));
    if (at < 0) return;
    llmfi_reply_raw_args(r, at, args);
    llmfi_reply_tool_end(r, at);
}

/* The object or value of a frame has been read: true when nothing else stands in it. False: the reply is told. */
LLMFI_UNUSED static bool llmfi_frame_end(llmfi_reply *r, llmfi_json *j, llmf_str frame) {
    if (!j->error && llmfi_json_next(j) == LLMFI_J_END) return true;
    llmfi_reply_bad_frame(r, j, frame);
    return false;
}

/* JSON, but not what this dialect says (RULES 28). */
LLMFI_UNUSED static LLMFI_COLD void llmfi_frame_foreign(llmfi_reply *r, const char *what) {
    llmfi_text t;
    if (!llmfi_reply_fail_begin(r, LLMF_ERR_PROTOCOL, &t)) return;
    LLMFI_SAY(&t, ": the reply is JSON, but not ");
    llmfi_say_c(&t, what);
    LLMFI_SAY(&t, ": are the base URL and the dialect right?");
}
#if !LLMF_HAS_STRINGS
#define llmfi_frame_foreign(r, what) llmfi_frame_foreign((r), "")
#endif

/* An id that llmfi_reply_make_id made: its provider never saw it, and the next reply may have the same. */
LLMFI_UNUSED static bool llmfi_made_id(llmf_str id) {
    size_t i = 4;
    while (i < id.len && llmfi_is_digit(id.ptr[i])) i++;
    return id.len == 9 && i == 9 && llmfi_starts(id, LLMFI_LIT("call"));
}

/* The function that the result in message `at` is of: as the message says, else by the call of that id before it. */
LLMFI_UNUSED static llmf_str llmfi_result_name(const llmfi_ask *a, size_t at) {
    const llmf_message *m = &a->req->messages[at];
    size_t i;
    if (m->name.len) return m->name;
    while (at-- > 0)
        for (i = 0; i < a->req->messages[at].tool_call_count; i++)
            if (llmfi_eq(a->req->messages[at].tool_calls[i].id, m->tool_call_id)) return a->req->messages[at].tool_calls[i].name;
    return llmfi_str("", 0);
}

/* Arguments where the protocol wants an object: what is none goes back as the text that it is. */
LLMFI_UNUSED static void llmfi_jw_arguments(llmfi_jw *w, const llmf_tool_call *c) {
    llmf_str args = llmfi_trim(c->arguments);
    if (!args.len) args = LLMFI_LIT("{}");
    if (!c->invalid && args.ptr[0] == '{') {
        llmfi_jw_raw(w, args);
        return;
    }
    llmfi_jw_object(w);
    llmfi_jw_member_str(w, "arguments_raw", c->arguments);
    llmfi_jw_object_end(w);
}

#endif
