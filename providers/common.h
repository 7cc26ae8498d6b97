/* What the readers of several dialects have in common: small steps over the JSON of a frame. */
#ifndef LLMFI_PROVIDERS_COMMON_H
#define LLMFI_PROVIDERS_COMMON_H
#include "body.h"

/* The next value: its token. An array or object is passed over whole. */
LLMFI_UNUSED static int llmfi_json_scalar(llmfi_json *j) {
    int token = llmfi_json_next(j);
    if (token == LLMFI_J_OBJECT || token == LLMFI_J_ARRAY) llmfi_json_skip(j);
    return token;
}

/* The next value: true where it is that container (LLMFI_J_OBJECT, _ARRAY), which is now open. Anything else is passed over. */
LLMFI_UNUSED static bool llmfi_json_enter(llmfi_json *j, int container) {
    int token = llmfi_json_next(j);
    if (token == container) return true;
    if (token == LLMFI_J_OBJECT || token == LLMFI_J_ARRAY) llmfi_json_skip(j);
    return false;
}

/* The next value as its raw text between the quotes; anything but a string leaves *raw as it is. */
LLMFI_UNUSED static void llmfi_json_take_raw(llmfi_json *j, llmf_str *raw) {
    if (llmfi_json_scalar(j) == LLMFI_J_STRING) *raw = j->text;
}

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

/* A tool call that comes in one piece. id and name: raw texts. args: raw JSON, as a rule an object; a string is the arguments' own text. */
LLMFI_UNUSED static void llmfi_reply_whole_call(llmfi_reply *r, llmf_str id, llmf_str name, llmf_str args) {
    int at;
    id = llmfi_reply_raw(r, id);
    at = llmfi_reply_tool_begin(r, -1, id, llmfi_reply_raw(r, name));
    if (at < 0) return;
    if (args.len > 1 && args.ptr[0] == '"') {
        llmfi_json text = llmfi_json_at_raw(llmfi_str(args.ptr + 1, args.len - 2));
        llmfi_reply_tool_args_json(r, at, &text);
    } else if (!LLMFI_IS(args, "null")) {
        llmfi_reply_tool_args(r, at, llmfi_reply_clean(r, args));
    }
    llmfi_reply_tool_end(r, at);
}

/* The object or value of a frame has been read: true when nothing else stands in it. False: the reply is told. */
LLMFI_UNUSED static bool llmfi_frame_end(llmfi_reply *r, llmfi_json *j, llmf_str frame) {
    if (!j->error && llmfi_json_next(j) == LLMFI_J_END) return true;
    llmfi_reply_bad_frame(r, j, frame);
    return false;
}

/* JSON, but not what this dialect says (RULES 28). */
LLMFI_UNUSED static void llmfi_frame_foreign(llmfi_reply *r, const char *what) {
    llmfi_text t;
    if (r->error.code != LLMF_OK) return;
    llmfi_reply_fail(r, LLMF_ERR_PROTOCOL, "");
    t = llmfi_text_in(r->error.text, sizeof r->error.text);
    llmfi_say(&t, r->provider);
    LLMFI_SAY(&t, ": the reply is JSON, but not ");
    llmfi_say_c(&t, what);
    LLMFI_SAY(&t, ": are the base URL and the dialect right?");
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
