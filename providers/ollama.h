/* Ollama's own API ("API", POST /api/chat), local or at ollama.com. Its face of Chat Completions (/v1) is dialect openai; this one can set num_ctx, and thinks.

   Not sent, because a local server has no use for it: user, cache, a tool's strict, an image's detail, a result's is_error. */
#ifndef LLMFI_PROVIDERS_OLLAMA_H
#define LLMFI_PROVIDERS_OLLAMA_H
#include "common.h"
#include "fault.h"

/* ---- request ---- */

static bool llmfi_ollama_own(const llmfi_ask *a, const char *name) {
    return !llmfi_extra(a, llmfi_cstr(name));
}

/* The level for an effort word; NULL: `think` is a switch. Ollama knows low, medium, high, max; models without levels take each for true. */
static const char *llmfi_ollama_level(llmf_str word) {
    if (LLMFI_IS(word, "none")) return NULL;
    if (LLMFI_IS(word, "minimal") || LLMFI_IS(word, "low")) return "low";
    if (LLMFI_IS(word, "medium") || LLMFI_IS(word, "max")) return word.ptr;
    return "high";
}

/* Is this option ours to say? */
#define LLMFI_OLLAMA_SAYS(a, lit) (!llmfi_extra_in((a), LLMFI_LIT("options"), LLMFI_LIT(lit)))

static void llmfi_ollama_own_options(const llmfi_ask *a, llmfi_jw *w) {
    const llmf_request *q = a->req;
    if (q->temperature != 0 && LLMFI_OLLAMA_SAYS(a, "temperature")) llmfi_jw_member_double(w, "temperature", q->temperature < 0 ? 0 : q->temperature);
    if (q->top_p != 0 && LLMFI_OLLAMA_SAYS(a, "top_p")) llmfi_jw_member_double(w, "top_p", q->top_p < 0 ? 0 : q->top_p);
    if (q->max_tokens > 0 && LLMFI_OLLAMA_SAYS(a, "num_predict")) llmfi_jw_member_int(w, "num_predict", q->max_tokens);
    if (a->model->num_ctx > 0 && LLMFI_OLLAMA_SAYS(a, "num_ctx")) llmfi_jw_member_int(w, "num_ctx", a->model->num_ctx);
    if (q->use_seed && LLMFI_OLLAMA_SAYS(a, "seed")) llmfi_jw_member_int(w, "seed", q->seed);
    if (!q->stop_count || !LLMFI_OLLAMA_SAYS(a, "stop")) return;
    llmfi_jw_key(w, "stop");
    llmfi_jw_strings(w, q->stop, q->stop_count);
}

/* Unlike other extra members `options` is laid over ours member by member. */
static void llmfi_ollama_options(const llmfi_ask *a, llmfi_jw *w) {
    llmfi_jw_key(w, "options");
    llmfi_jw_object(w);
    llmfi_ollama_own_options(a, w);
    llmfi_extra_write_in(a, w, LLMFI_LIT("options"));
    llmfi_jw_object_end(w);
}

static bool llmfi_ollama_has_options(const llmfi_ask *a) {
    const llmf_request *q = a->req;
    return q->temperature != 0 || q->top_p != 0 || q->max_tokens > 0 || a->model->num_ctx > 0 || q->use_seed || q->stop_count || llmfi_extra(a, LLMFI_LIT("options"));
}

static void llmfi_ollama_begin(const llmfi_ask *a, llmfi_jw *w) {
    const llmf_request *q = a->req;
    llmf_str effort = llmfi_cstr(q->reasoning);
    llmfi_jw_object(w);
    if (llmfi_ollama_own(a, "model")) llmfi_jw_member_str(w, "model", a->model->model_id);
    llmfi_jw_member_bool(w, "stream", q->stream); /* left out it would mean true */
    if (effort.len && llmfi_ollama_own(a, "think")) {
        llmfi_jw_key(w, "think");
        if (llmfi_ollama_level(effort)) llmfi_jw_str(w, llmfi_cstr(llmfi_ollama_level(effort)));
        else llmfi_jw_bool(w, false);
    }
    if ((a->format || q->format) && llmfi_ollama_own(a, "format")) {
        llmfi_jw_key(w, "format");
        if (a->format && (a->model->quirks & LLMFI_Q_NO_SCHEMA)) llmfi_jw_lit(w, "json");
        else if (a->format) llmfi_node_write(w, a->format);
        else llmfi_jw_str(w, llmfi_cstr(q->format));
    }
    if (llmfi_ollama_has_options(a)) llmfi_ollama_options(a, w);
    if (!llmfi_ollama_own(a, "messages")) return;
    llmfi_jw_key(w, "messages");
    llmfi_jw_array(w);
    if (!q->system_len) return;
    llmfi_jw_object(w);
    llmfi_jw_member_lit(w, "role", "system");
    llmfi_jw_member_str(w, "content", llmfi_str(q->system, q->system_len));
    llmfi_jw_object_end(w);
}

/* ---- messages ---- */

/* Content is one text here: the pieces, a line each. */
static void llmfi_ollama_content(const llmf_message *m, llmfi_jw *w) {
    llmf_str piece = llmfi_text_at(m->content, m->content_len);
    bool any = piece.len != 0;
    size_t i;
    llmfi_jw_key(w, "content");
    llmfi_jw_str_begin(w);
    llmfi_jw_str_piece(w, piece);
    for (i = 0; i < m->part_count; i++) {
        if (m->parts[i].type != LLMF_PART_TEXT) continue;
        piece = llmfi_text_at(m->parts[i].text, m->parts[i].text_len);
        if (any && piece.len) llmfi_jw_str_piece(w, LLMFI_LIT("\n"));
        if (piece.len) any = true;
        llmfi_jw_str_piece(w, piece);
    }
    llmfi_jw_str_end(w);
}

static void llmfi_ollama_images(const llmf_message *m, llmfi_jw *w) {
    bool open = false;
    size_t i;
    for (i = 0; i < m->part_count; i++) {
        const llmf_part *p = &m->parts[i];
        llmf_str media, base64;
        if (p->type == LLMF_PART_TEXT) continue;
        if (!open) llmfi_jw_key(w, "images");
        if (!open) llmfi_jw_array(w);
        open = true;
        if (p->url && llmfi_data_url(llmfi_cstr(p->url), &media, &base64)) llmfi_jw_str(w, base64);
        else llmfi_jw_base64_string(w, llmfi_str("", 0), p->data, p->data_len);
    }
    if (open) llmfi_jw_array_end(w);
}

static void llmfi_ollama_calls(const llmf_message *m, llmfi_jw *w) {
    size_t i;
    llmfi_jw_key(w, "tool_calls");
    llmfi_jw_array(w);
    for (i = 0; i < m->tool_call_count; i++) {
        const llmf_tool_call *c = &m->tool_calls[i];
        llmfi_jw_object(w);
        llmfi_jw_key(w, "function");
        llmfi_jw_object(w);
        llmfi_jw_member_str(w, "name", c->name);
        llmfi_jw_key(w, "arguments");
        llmfi_jw_arguments(w, c);
        llmfi_jw_object_end(w);
        llmfi_jw_object_end(w);
    }
    llmfi_jw_array_end(w);
}

static void llmfi_ollama_message(const llmfi_ask *a, size_t at, llmfi_jw *w) {
    static const char *const roles[] = { "user", "assistant", "system", "tool" };
    const llmf_message *m = &a->req->messages[at];
    llmfi_jw_object(w);
    llmfi_jw_member_cstr(w, "role", roles[m->role]);
    llmfi_ollama_content(m, w);
    if (m->role == LLMF_ASSISTANT && m->reasoning.len) llmfi_jw_member_str(w, "thinking", m->reasoning);
    llmfi_ollama_images(m, w);
    if (m->tool_call_count) llmfi_ollama_calls(m, w);
    if (m->role == LLMF_TOOL && llmfi_result_name(a, at).len) llmfi_jw_member_str(w, "tool_name", llmfi_result_name(a, at));
    llmfi_jw_object_end(w);
}

/* Steps: the beginning; a message each; `tools` opens; a tool each; the end. tool_choice none is said by sending no tools. */
static bool llmfi_ollama_body(const llmfi_ask *a, unsigned step, llmfi_jw *w) {
    size_t n = a->req->message_count, tools = LLMFI_IS(llmfi_cstr(a->req->tool_choice), "none") ? 0 : a->req->tool_count, at = step;
    bool messages = llmfi_ollama_own(a, "messages"), tooled = tools && llmfi_ollama_own(a, "tools");
    if (at == 0) {
        llmfi_ollama_begin(a, w);
    } else if (at <= n) {
        if (messages) llmfi_ollama_message(a, at - 1, w);
    } else if ((at -= n + 1) == 0) {
        if (messages) llmfi_jw_array_end(w);
        if (tooled) llmfi_jw_key(w, "tools");
        if (tooled) llmfi_jw_array(w);
    } else if (at <= tools) {
        if (tooled) llmfi_jw_function(a, at - 1, w);
    } else {
        if (tooled) llmfi_jw_array_end(w);
        llmfi_extra_write_but(a, w, LLMFI_LIT("options"));
        llmfi_jw_object_end(w);
        return false;
    }
    return true;
}

static void llmfi_ollama_check(const llmfi_ask *a, llmfi_refusal *no) {
    const llmf_request *q = a->req;
    llmf_str choice = llmfi_cstr(q->tool_choice), media, base64;
    int64_t tokens;
    size_t i, k;
    if (choice.len && !LLMFI_IS(choice, "auto") && !LLMFI_IS(choice, "none"))
        llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "tool_choice", "Ollama cannot be made to call a tool; leave it out, and say in the prompt what to call");
    if (q->reasoning && llmfi_reasoning_tokens(q->reasoning, &tokens))
        llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "reasoning", "Ollama takes no number of tokens; give none, low, medium, high or max");
    if (q->reasoning && *q->reasoning && llmfi_strcmp(q->reasoning, "none") != 0 && (a->model->quirks & LLMFI_Q_NO_REASONING))
        llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "reasoning", "this model cannot be asked to reason; leave it out, or take another model");
    if ((a->format || q->format) && (a->model->quirks & LLMFI_Q_NO_JSON_MODE))
        llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "format", "this model knows neither JSON mode nor schemas; ask for JSON in the prompt");
    if (llmfi_extra(a, LLMFI_LIT("stream"))) llmfi_refuse(no, LLMF_ERR_ARGUMENT, "extra.stream", "set the request's own stream instead: it also says how the reply is read");
    if (q->parallel_tool_calls == LLMF_NO && q->tool_count)
        llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "parallel_tool_calls", "Ollama cannot be kept to one call at a time; leave it out");
    for (i = 0; i < q->message_count; i++) {
        if (q->messages[i].role != LLMF_TOOL && q->messages[i].name.len)
            llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "messages.name", "Ollama knows no names of who speaks; leave it out, or say it in the text");
        for (k = 0; k < q->messages[i].part_count; k++) {
            const llmf_part *p = &q->messages[i].parts[k];
            if (p->type == LLMF_PART_TEXT) continue;
            if (p->type != LLMF_PART_IMAGE) llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "messages.parts", "Ollama takes text and images only; send a transcript or the file's text");
            else if (p->url && !llmfi_data_url(llmfi_cstr(p->url), &media, &base64))
                llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "messages.parts.url", "Ollama fetches no images; give data or path");
        }
    }
}

static void llmfi_ollama_path(const llmfi_ask *a, llmfi_out *out) {
    (void)a;
    LLMFI_PUT(out, "/api/chat");
}

/* ---- reply ---- */

/* A call, which comes whole; the members of `function` may stand before or behind `id`. */
static void llmfi_ollama_call(llmfi_reply *r, llmfi_json *j) {
    llmf_str id = llmfi_str("", 0), name = id, args = id;
    while (llmfi_json_next(j) == LLMFI_J_KEY)
        if (LLMFI_KEY(j, "id")) {
            llmfi_json_take_raw(j, &id);
        } else if (LLMFI_KEY(j, "function")) {
            if (!llmfi_json_enter(j, LLMFI_J_OBJECT)) continue;
            while (llmfi_json_next(j) == LLMFI_J_KEY)
                if (LLMFI_KEY(j, "name")) llmfi_json_take_raw(j, &name);
                else if (LLMFI_KEY(j, "arguments")) llmfi_json_raw(j, &args);
                else llmfi_json_skip(j);
        } else {
            llmfi_json_skip(j);
        }
    if (!j->error) llmfi_reply_whole_call(r, id, name, args);
}

static void llmfi_ollama_reply_message(llmfi_reply *r, llmfi_json *j) {
    while (llmfi_json_next(j) == LLMFI_J_KEY) {
        if (LLMFI_KEY(j, "content")) {
            if (llmfi_json_scalar(j) == LLMFI_J_STRING) llmfi_reply_text_json(r, j);
        } else if (LLMFI_KEY(j, "thinking")) {
            if (llmfi_json_scalar(j) == LLMFI_J_STRING) llmfi_reply_reasoning_json(r, j);
        } else if (LLMFI_KEY(j, "tool_calls")) {
            if (!llmfi_json_enter(j, LLMFI_J_ARRAY)) continue;
            while (llmfi_json_next(j) > 0 && j->token != LLMFI_J_ARRAY_END)
                if (j->token == LLMFI_J_OBJECT) llmfi_ollama_call(r, j);
                else if (j->token == LLMFI_J_ARRAY) llmfi_json_skip(j);
        } else {
            llmfi_json_skip(j);
        }
    }
}

static void llmfi_ollama_count(llmfi_json *j, int64_t *to) {
    int64_t n;
    llmfi_json_scalar(j);
    n = llmfi_reply_number(j);
    if (n >= 0) *to = n;
}

/* A line of a stream, or the whole body, which looks the same. */
static void llmfi_ollama_frame(llmfi_reply *r, llmf_str event, llmf_str data) {
    bool message = false, failed = false, done = false;
    llmfi_json j;
    (void)event;
    if (r->error.code) return;
    llmfi_reply_mark(r);
    llmfi_json_init(&j, data, true);
    if (llmfi_json_enter(&j, LLMFI_J_OBJECT))
        while (llmfi_json_next(&j) == LLMFI_J_KEY) {
            if (LLMFI_KEY(&j, "message")) {
                if (!llmfi_json_enter(&j, LLMFI_J_OBJECT)) continue;
                message = true;
                llmfi_ollama_reply_message(r, &j);
            } else if (LLMFI_KEY(&j, "done")) {
                done = llmfi_json_scalar(&j) == LLMFI_J_TRUE;
            } else if (LLMFI_KEY(&j, "done_reason")) {
                if (llmfi_json_scalar(&j) == LLMFI_J_STRING) llmfi_reply_finish(r, llmfi_reply_string(r, &j));
            } else if (LLMFI_KEY(&j, "model")) {
                if (llmfi_json_scalar(&j) == LLMFI_J_STRING) llmfi_reply_model(r, llmfi_reply_string(r, &j));
            } else if (LLMFI_KEY(&j, "prompt_eval_count")) {
                llmfi_ollama_count(&j, &r->usage.input);
            } else if (LLMFI_KEY(&j, "eval_count")) {
                llmfi_ollama_count(&j, &r->usage.output);
            } else if (LLMFI_KEY(&j, "error")) {
                failed = llmfi_json_scalar(&j) != LLMFI_J_NULL;
            } else {
                llmfi_json_skip(&j);
            }
        }
    if (!llmfi_frame_end(r, &j, data)) return;
    if (failed) llmfi_fault_object(r, data, llmfi_str("", 0));
    else if (done || (message && !r->streamed)) r->terminal = true;
    else if (!r->streamed) llmfi_frame_foreign(r, "an answer of /api/chat");
}

static const llmfi_adapter llmfi_ollama = {
    "ollama",
    llmfi_ollama_check,
    llmfi_ollama_path,
    NULL,
    llmfi_ollama_body,
    LLMF_FRAMING_JSON,
    LLMF_FRAMING_NDJSON,
    llmfi_ollama_frame,
    NULL
};

#endif
