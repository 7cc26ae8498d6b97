/* The Responses API of OpenAI (OpenAI API reference, responses/create), and hosts that speak it. Nothing is stored there: what a turn needs of earlier ones
   goes along with it, the encrypted reasoning too. */
#ifndef LLMFI_PROVIDERS_OPENAI_RESPONSES_H
#define LLMFI_PROVIDERS_OPENAI_RESPONSES_H
#include "openai_request.h"
#include "openai_responses_reply.h"

/* ---- input: parts ---- */

static void llmfi_responses_text_part(llmfi_jw *w, llmf_str text, bool output) {
    llmfi_jw_object(w);
    llmfi_jw_member_str(w, "type", output ? LLMFI_LIT("output_text") : LLMFI_LIT("input_text"));
    llmfi_jw_member_str(w, "text", text);
    llmfi_jw_object_end(w);
}

#if LLMF_HAS_MEDIA
static void llmfi_responses_media(llmfi_jw *w, const llmf_part *p) {
    llmf_str url = llmfi_cstr(p->url);
    llmfi_jw_object(w);
    if (p->type == LLMF_PART_IMAGE) {
        llmfi_jw_member_lit(w, "type", "input_image");
        llmfi_jw_key(w, "image_url");
        llmfi_jw_media_url(w, p);
        if (p->detail && *p->detail) llmfi_jw_member_cstr(w, "detail", p->detail);
    } else if (!p->data && !llmfi_starts(url, LLMFI_LIT("data:"))) {
        llmfi_jw_member_lit(w, "type", "input_file"); /* at an address it takes no name */
        llmfi_jw_member_str(w, "file_url", url);
    } else {
        llmfi_jw_member_lit(w, "type", "input_file");
        llmfi_jw_member_cstr(w, "filename", p->name && *p->name ? p->name : "file");
        llmfi_jw_key(w, "file_data");
        llmfi_jw_media_url(w, p);
    }
    llmfi_jw_object_end(w);
}
#endif

/* A plain string where there is one text; else the list of parts, `text` before them. */
static void llmfi_responses_content(llmfi_jw *w, llmf_str text, const llmf_message *m) {
    size_t i;
    if (!m->part_count) {
        llmfi_jw_str(w, text);
        return;
    }
    llmfi_jw_array(w);
    if (text.len) llmfi_responses_text_part(w, text, m->role == LLMF_ASSISTANT);
    for (i = 0; i < m->part_count; i++) {
        const llmf_part *p = &m->parts[i];
        if (!LLMF_HAS_MEDIA || p->type == LLMF_PART_TEXT) llmfi_responses_text_part(w, llmfi_text_at(p->text, p->text_len), m->role == LLMF_ASSISTANT);
#if LLMF_HAS_MEDIA
        else llmfi_responses_media(w, p);
#endif
    }
    llmfi_jw_array_end(w);
}

/* ---- input: items ---- */

static void llmfi_responses_say_item(llmfi_jw *w, llmf_str role, llmf_str text, const llmf_message *m) {
    llmfi_jw_object(w);
    llmfi_jw_member_str(w, "role", role);
    llmfi_jw_key(w, "content");
    llmfi_responses_content(w, text, m);
    llmfi_jw_object_end(w);
}

static void llmfi_responses_call_item(llmfi_jw *w, const llmf_tool_call *c) {
    llmfi_jw_object(w);
    llmfi_jw_member_lit(w, "type", "function_call");
    llmfi_jw_member_str(w, "call_id", c->id);
    llmfi_jw_member_str(w, "name", c->name);
    llmfi_jw_member_str(w, "arguments", c->arguments.len ? c->arguments : LLMFI_LIT("{}"));
    llmfi_jw_object_end(w);
}

/* How far an assistant's message has been written. */
typedef struct llmfi_responses_turn {
    const llmf_message *m;
    llmf_str left;                           /* of its text */
    size_t call;                             /* the next one */
    bool parts;                              /* still to be written */
} llmfi_responses_turn;

static void llmfi_responses_turn_text(llmfi_jw *w, llmfi_responses_turn *t, size_t len) {
    llmf_message plain;
    llmf_str text = llmfi_str(t->left.ptr, len);
    if (!len && !t->parts) return;
    memset(&plain, 0, sizeof plain);
    llmfi_responses_say_item(w, LLMFI_LIT("assistant"), text, t->parts ? t->m : &plain);
    t->left = llmfi_from(t->left, len);
    t->parts = false;
}

#if LLMF_HAS_STATE

/* The array of a state that this provider gave; empty: there is none. */
static llmf_str llmfi_responses_state(const llmfi_ask *a, const llmf_message *m) {
    llmf_str owner = llmfi_responses_owner(a->model);
    if (m->role != LLMF_ASSISTANT || m->state.len <= owner.len || !llmfi_starts(m->state, owner) || m->state.ptr[owner.len] != ':') return llmfi_str("", 0);
    return llmfi_from(m->state, owner.len + 1);
}

static size_t llmfi_responses_length(const llmfi_value *v) {
    int64_t n = llmfi_value_count(v);
    return n > 0 && (uint64_t)n < (size_t)-1 / 2 ? (size_t)n : 0;
}

/* The texts of a state's messages are as long as the text of this one: it can be cut into them again. */
static bool llmfi_responses_fits(const llmfi_value *array, const llmfi_responses_turn *t) {
    llmfi_value v;
    llmfi_json j;
    size_t sum = 0;
    for (j = llmfi_value_list(array); llmfi_value_next(&j, &v) && sum <= t->left.len;) sum += llmfi_responses_length(&v);
    return sum == t->left.len && !t->parts;
}

/* Items of the state as they came, each in front of what it came in front of. Those behind a broken one are left out. */
static void llmfi_responses_turn_state(llmfi_jw *w, llmfi_responses_turn *t, llmf_str state) {
    llmfi_value array, v;
    llmfi_json j;
    bool fits;
    memset(&array, 0, sizeof array);
    array.token = LLMFI_J_ARRAY;
    array.text = state;
    if (!state.len || state.ptr[0] != '[') return;
    fits = llmfi_responses_fits(&array, t);
    for (j = llmfi_value_list(&array); llmfi_value_next(&j, &v);)
        if (v.token == LLMFI_J_OBJECT && !j.error) llmfi_jw_raw(w, v.text);
        else if (v.token == LLMFI_J_NULL && t->call < t->m->tool_call_count) llmfi_responses_call_item(w, &t->m->tool_calls[t->call++]);
        else if (v.token == LLMFI_J_NUMBER) llmfi_responses_turn_text(w, t, fits ? llmfi_responses_length(&v) : t->left.len);
}

#endif

static void llmfi_responses_assistant(const llmfi_ask *a, llmfi_jw *w, const llmf_message *m) {
    llmfi_responses_turn t;
    t.m = m;
    t.left = llmfi_text_at(m->content, m->content_len);
    t.call = 0;
    t.parts = m->part_count != 0;
#if LLMF_HAS_STATE
    llmfi_responses_turn_state(w, &t, llmfi_responses_state(a, m));
#else
    (void)a;
#endif
    llmfi_responses_turn_text(w, &t, t.left.len);
    while (t.call < m->tool_call_count) llmfi_responses_call_item(w, &m->tool_calls[t.call++]);
}

static void llmfi_responses_message(const llmfi_ask *a, llmfi_jw *w, size_t at) {
    const llmf_message *m = &a->req->messages[at];
    llmf_str text = llmfi_text_at(m->content, m->content_len);
    if (m->role == LLMF_ASSISTANT) {
        llmfi_responses_assistant(a, w, m);
    } else if (m->role == LLMF_TOOL) {
        llmfi_jw_object(w);
        llmfi_jw_member_lit(w, "type", "function_call_output");
        llmfi_jw_member_str(w, "call_id", m->tool_call_id);
        llmfi_jw_key(w, "output");
        llmfi_responses_content(w, text, m);
        llmfi_jw_object_end(w);
    } else {
        llmfi_responses_say_item(w, llmfi_cstr(m->role == LLMF_SYSTEM ? llmfi_openai_system_role(a) : "user"), text, m);
    }
}

/* ---- the head: everything but input and tools ---- */

static void llmfi_responses_reasoning(const llmfi_ask *a, llmfi_jw *w) {
    const char *reasoning = a->req->reasoning;
    int64_t tokens;
    if (!reasoning || !*reasoning || llmfi_openai_quirk(a, LLMFI_Q_NO_REASONING) || !LLMFI_OPENAI_OURS(a, "reasoning")) return;
    llmfi_jw_key(w, "reasoning");
    llmfi_jw_object(w);
    if (llmfi_reasoning_tokens(reasoning, &tokens)) llmfi_jw_member_int(w, "max_tokens", tokens);
    else llmfi_jw_member_cstr(w, "effort", reasoning);
    if (llmfi_strcmp(reasoning, "none") != 0) llmfi_jw_member_lit(w, "summary", "auto"); /* or there is nothing to read */
    llmfi_jw_object_end(w);
}

static void llmfi_responses_head(const llmfi_ask *a, llmfi_jw *w) {
    const llmf_request *q = a->req;
    bool count = q->op == LLMF_OP_COUNT_TOKENS; /* which takes none of what is about the answer alone */
    llmfi_jw_object(w);
    if (LLMFI_OPENAI_OURS(a, "model")) llmfi_jw_member_str(w, "model", a->model->model_id);
    if (q->stream) llmfi_jw_member_bool(w, "stream", true);
    if (!count && LLMFI_OPENAI_OURS(a, "store")) llmfi_jw_member_bool(w, "store", false);
    if (!count && LLMF_HAS_STATE && llmfi_openai_quirk(a, LLMFI_Q_ENCRYPTED_REASONING) && LLMFI_OPENAI_OURS(a, "include"))
        llmfi_jw_member_raw(w, "include", LLMFI_LIT("[\"reasoning.encrypted_content\"]"));
    if (q->max_tokens > 0 && LLMFI_OPENAI_OURS(a, "max_output_tokens")) llmfi_jw_member_int(w, "max_output_tokens", q->max_tokens);
    llmfi_openai_sampling(a, w);
    llmfi_responses_reasoning(a, w);
    if (q->user && *q->user && !llmfi_openai_quirk(a, LLMFI_Q_NO_USER_FIELD) && LLMFI_OPENAI_OURS(a, "user")) llmfi_jw_member_cstr(w, "user", q->user);
    if (llmfi_openai_wants_json(a) && LLMFI_OPENAI_OURS(a, "text")) {
        llmfi_jw_key(w, "text");
        llmfi_jw_object(w);
        llmfi_jw_key(w, "format");
        llmfi_openai_format(a, w, true);
        llmfi_jw_object_end(w);
    }
    if (q->system && q->system_len && LLMFI_OPENAI_OURS(a, "instructions")) llmfi_jw_member_str(w, "instructions", llmfi_str(q->system, q->system_len));
}

static bool llmfi_responses_body(const llmfi_ask *a, unsigned step, llmfi_jw *w) {
    static const llmfi_openai_form form = { "input", true, llmfi_responses_head, NULL, llmfi_responses_message };
    return llmfi_openai_steps(a, step, w, &form);
}

/* ---- what cannot be asked ---- */

#if LLMF_HAS_MEDIA
static void llmfi_responses_check_part(const llmf_message *m, const llmf_part *p, llmfi_refusal *no) {
    if (p->type == LLMF_PART_TEXT) return;
    if (p->type == LLMF_PART_AUDIO) llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "messages.parts", "the Responses API takes no audio; use Chat Completions, or send a transcript");
    else if (m->role != LLMF_USER && m->role != LLMF_TOOL)
        llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "messages.parts", "images and files can only stand in messages of the user and of tools; move this one");
    else if (!p->data && !(p->url && *p->url)) llmfi_refuse(no, LLMF_ERR_ARGUMENT, "messages.parts", "a part needs data, path or url");
}
#endif

static void llmfi_responses_check(const llmfi_ask *a, llmfi_refusal *no) {
    const llmf_request *q = a->req;
    int64_t tokens;
    size_t i;
    if (q->stop_count) llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "stop", "the Responses API has none; leave it out, or use Chat Completions");
    if (q->use_seed) llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "seed", "the Responses API has none; leave it out, or use Chat Completions");
    llmfi_openai_check_common(a, no);
    if (q->reasoning && *q->reasoning && llmfi_strcmp(q->reasoning, "none") != 0) {
        if (llmfi_openai_quirk(a, LLMFI_Q_NO_REASONING))
            llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "reasoning", "this model cannot be asked to reason; leave it out, or take another model");
        else if (llmfi_reasoning_tokens(q->reasoning, &tokens) && !llmfi_openai_quirk(a, LLMFI_Q_REASONING_OBJECT))
            llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "reasoning", "this provider takes no number of tokens; ask for none, low, medium or high");
    }
    for (i = 0; i < q->message_count; i++) {
#if LLMF_HAS_MEDIA
        size_t k;
        for (k = 0; k < q->messages[i].part_count; k++) llmfi_responses_check_part(&q->messages[i], &q->messages[i].parts[k], no);
#endif
#if LLMF_HAS_STATE
        {
            llmf_str state = llmfi_responses_state(a, &q->messages[i]);
            if (state.len && (state.ptr[0] != '[' || !llmfi_json_valid(state)))
                llmfi_refuse(no, LLMF_ERR_ARGUMENT, "messages.state", "is damaged: give it back whole, as the response had it, or leave it out");
        }
#endif
    }
}

static void llmfi_responses_path(const llmfi_ask *a, llmfi_out *out) {
    (void)a;
    LLMFI_PUT(out, "/responses");
}

#if LLMF_HAS_COUNT
LLMFI_UNUSED static void llmfi_responses_count_path(const llmfi_ask *a, llmfi_out *out) {
    (void)a;
    LLMFI_PUT(out, "/responses/input_tokens");
}
#endif

static const llmfi_adapter llmfi_responses = {
    "openai_responses", llmfi_responses_check, llmfi_responses_path, NULL, llmfi_responses_body, LLMF_FRAMING_JSON, LLMF_FRAMING_SSE, llmfi_responses_on_frame, NULL
};

#endif
