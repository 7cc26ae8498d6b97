/* Cohere's own API ("Cohere API reference", v2: POST /v2/chat).

   Not sent, because there is no member for it: user, cache, a result's is_error. What has no field here (k, documents, citation_options, safety_mode …) goes
   through `extra`. */
#ifndef LLMFI_PROVIDERS_COHERE_H
#define LLMFI_PROVIDERS_COHERE_H
#include "cohere_reply.h"

/* Is this member ours to say? */
#define LLMFI_COHERE_OURS(a, lit) (!llmfi_extra((a), LLMFI_LIT(lit)))

/* ---- the head ---- */

/* Budgets for effort words; a higher word sets none: then the model's own limit holds. */
static int64_t llmfi_cohere_budget(const char *reasoning) {
    llmf_str word = llmfi_cstr(reasoning);
    int64_t tokens = 0;
    if (llmfi_reasoning_tokens(reasoning, &tokens)) return tokens;
    return LLMFI_IS(word, "minimal") ? 1024 : LLMFI_IS(word, "low") ? 2048 : LLMFI_IS(word, "medium") ? 8192 : 0;
}

static void llmfi_cohere_thinking(const llmfi_ask *a, llmfi_jw *w) {
    llmf_str word = llmfi_cstr(a->req->reasoning);
    int64_t budget = llmfi_cohere_budget(a->req->reasoning);
    if (!word.len || (a->model->quirks & LLMFI_Q_NO_REASONING) || !LLMFI_COHERE_OURS(a, "thinking")) return;
    llmfi_jw_key(w, "thinking");
    llmfi_jw_object(w);
    llmfi_jw_member_str(w, "type", LLMFI_IS(word, "none") ? LLMFI_LIT("disabled") : LLMFI_LIT("enabled"));
    if (budget) llmfi_jw_member_int(w, "token_budget", budget);
    llmfi_jw_object_end(w);
}

static void llmfi_cohere_format(const llmfi_ask *a, llmfi_jw *w) {
    if ((!a->format && !a->req->format) || !LLMFI_COHERE_OURS(a, "response_format")) return;
    llmfi_jw_key(w, "response_format");
    llmfi_jw_object(w);
    llmfi_jw_member_lit(w, "type", "json_object");
    if (a->format && !(a->model->quirks & LLMFI_Q_NO_SCHEMA)) {
        llmfi_jw_key(w, "json_schema");
        llmfi_node_write(w, a->format);
    }
    llmfi_jw_object_end(w);
}

static void llmfi_cohere_begin(const llmfi_ask *a, llmfi_jw *w) {
    const llmf_request *q = a->req;
    llmfi_jw_object(w);
    if (LLMFI_COHERE_OURS(a, "model")) llmfi_jw_member_str(w, "model", a->model->model_id);
    llmfi_jw_member_bool(w, "stream", q->stream);
    if (q->max_tokens > 0 && LLMFI_COHERE_OURS(a, "max_tokens")) llmfi_jw_member_int(w, "max_tokens", q->max_tokens);
    if (q->temperature != 0 && LLMFI_COHERE_OURS(a, "temperature")) llmfi_jw_member_double(w, "temperature", q->temperature < 0 ? 0 : q->temperature);
    if (q->top_p != 0 && LLMFI_COHERE_OURS(a, "p")) llmfi_jw_member_double(w, "p", q->top_p);
    if (q->use_seed && LLMFI_COHERE_OURS(a, "seed")) llmfi_jw_member_int(w, "seed", q->seed);
    if (q->stop_count && LLMFI_COHERE_OURS(a, "stop_sequences")) {
        llmfi_jw_key(w, "stop_sequences");
        llmfi_jw_strings(w, q->stop, q->stop_count);
    }
    llmfi_cohere_thinking(a, w);
    llmfi_cohere_format(a, w);
    if (!LLMFI_COHERE_OURS(a, "messages")) return;
    llmfi_jw_key(w, "messages");
    llmfi_jw_array(w);
    if (!q->system_len) return;
    llmfi_jw_object(w);
    llmfi_jw_member_lit(w, "role", "system");
    llmfi_jw_member_str(w, "content", llmfi_str(q->system, q->system_len));
    llmfi_jw_object_end(w);
}

/* ---- messages ---- */

/* A member of the state that goes back, raw; empty: it has none. */
static llmf_str llmfi_cohere_back(const llmfi_ask *a, const llmf_message *m, const char *member) {
    llmf_str none = llmfi_str("", 0), raw = none;
    llmfi_json j;
    if (!LLMF_HAS_STATE || !m->state.len) return none;
    llmfi_json_init(&j, llmfi_state_items(a, m, "cohere"), true);
    if (llmfi_json_next(&j) != LLMFI_J_OBJECT) return none;
    while (llmfi_json_next(&j) == LLMFI_J_KEY) {
        bool wanted = llmfi_eq(j.text, llmfi_cstr(member));
        if (llmfi_json_raw(&j, &raw) <= 0) return none;
        if (wanted) return raw;
    }
    return none;
}

/* A plain string where there is nothing but `content`, else a list: what was thought, `content`, the parts. */
static void llmfi_cohere_content(llmfi_jw *w, const llmf_message *m, llmf_str thought) {
    llmf_str text = llmfi_text_at(m->content, m->content_len);
    size_t i;
    llmfi_jw_key(w, "content");
    if (!thought.len && !m->part_count) {
        llmfi_jw_str(w, text);
        return;
    }
    llmfi_jw_array(w);
    llmfi_jw_items(w, thought);
    if (text.len) llmfi_jw_text_part(w, text);
    for (i = 0; i < m->part_count; i++) {
        const llmf_part *p = &m->parts[i];
        if (!LLMF_HAS_MEDIA || p->type == LLMF_PART_TEXT) llmfi_jw_text_part(w, llmfi_text_at(p->text, p->text_len));
        else llmfi_jw_image_part(w, p);
    }
    llmfi_jw_array_end(w);
}

/* What it had thought or planned goes back as it came; reasoning without a state is a plan where calls follow it, and else is not sent. */
static void llmfi_cohere_message(const llmfi_ask *a, const llmf_message *m, llmfi_jw *w) {
    static const char *const roles[] = { "user", "assistant", "system", "tool" };
    llmf_str plan = llmfi_cohere_back(a, m, "tool_plan"), thought = llmfi_cohere_back(a, m, "content");
    llmfi_jw_object(w);
    llmfi_jw_member_cstr(w, "role", roles[m->role]);
    if (m->role == LLMF_TOOL) llmfi_jw_member_str(w, "tool_call_id", m->tool_call_id);
    if (plan.len) llmfi_jw_member_raw(w, "tool_plan", plan);
    else if (m->tool_call_count && m->reasoning.len && !m->state.len) llmfi_jw_member_str(w, "tool_plan", m->reasoning);
    if (!m->tool_call_count || m->content_len || m->part_count || thought.len) llmfi_cohere_content(w, m, thought);
    if (m->tool_call_count) {
        llmfi_jw_key(w, "tool_calls");
        llmfi_jw_function_calls(w, m);
    }
    llmfi_jw_object_end(w);
}

/* ---- the whole ---- */

/* strict_tools holds for all tools: one that asks for it is enough. */
static bool llmfi_cohere_strict(const llmfi_ask *a) {
    size_t i;
    if (a->model->quirks & LLMFI_Q_NO_STRICT) return false;
    for (i = 0; i < a->req->tool_count; i++)
        if (a->req->tools[i].strict) return true;
    return false;
}

static void llmfi_cohere_end(const llmfi_ask *a, llmfi_jw *w) {
    const llmf_request *q = a->req;
    llmf_str choice = llmfi_cstr(q->tool_choice);
    bool none = LLMFI_IS(choice, "none");
    if (q->tool_count && (none || LLMFI_IS(choice, "required")) && LLMFI_COHERE_OURS(a, "tool_choice"))
        llmfi_jw_member_str(w, "tool_choice", none ? LLMFI_LIT("NONE") : LLMFI_LIT("REQUIRED"));
    if (llmfi_cohere_strict(a) && LLMFI_COHERE_OURS(a, "strict_tools")) llmfi_jw_member_bool(w, "strict_tools", true);
    llmfi_extra_write(a, w);
    llmfi_jw_object_end(w);
}

/* Steps: the beginning; a message each; `tools` opens; a tool each; the end. */
static bool llmfi_cohere_body(const llmfi_ask *a, unsigned step, llmfi_jw *w) {
    size_t n = a->req->message_count, tools = a->req->tool_count, at = step;
    bool messages = LLMFI_COHERE_OURS(a, "messages"), tooled = tools && LLMFI_COHERE_OURS(a, "tools");
    if (at == 0) {
        llmfi_cohere_begin(a, w);
    } else if (at <= n) {
        if (messages) llmfi_cohere_message(a, &a->req->messages[at - 1], w);
    } else if ((at -= n + 1) == 0) {
        if (messages) llmfi_jw_array_end(w);
        if (tooled) llmfi_jw_key(w, "tools");
        if (tooled) llmfi_jw_array(w);
    } else if (at <= tools) {
        if (tooled) llmfi_jw_function(a, at - 1, w);
    } else {
        if (tooled) llmfi_jw_array_end(w);
        llmfi_cohere_end(a, w);
        return false;
    }
    return true;
}

/* ---- what cannot be asked ---- */

static void llmfi_cohere_check_message(const llmfi_ask *a, const llmf_message *m, llmfi_refusal *no) {
    llmf_str state = llmfi_state_items(a, m, "cohere");
    size_t i;
    if (LLMF_HAS_STATE && state.len && (state.ptr[0] != '{' || !llmfi_json_valid(state)))
        llmfi_refuse(no, LLMF_ERR_ARGUMENT, "messages.state", "is damaged: give it back whole, as the response had it, or leave it out");
    if (m->role != LLMF_TOOL && m->name.len)
        llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "messages.name", "Cohere knows no names of who speaks; leave it out, or say it in the text");
    for (i = 0; i < m->part_count; i++) {
        if (m->parts[i].type == LLMF_PART_TEXT) continue;
        if (m->parts[i].type != LLMF_PART_IMAGE)
            llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "messages.parts", "Cohere takes text and images only; give a file's text, as a part or in extra.documents");
        else if (m->role != LLMF_USER) llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "messages.parts", "Cohere takes images from users only; move this one to a user message");
    }
}

static void llmfi_cohere_check(const llmfi_ask *a, llmfi_refusal *no) {
    const llmf_request *q = a->req;
    llmf_str choice = llmfi_cstr(q->tool_choice), effort = llmfi_cstr(q->reasoning);
    size_t i;
    if (choice.len && !LLMFI_IS(choice, "auto") && !LLMFI_IS(choice, "none") && !LLMFI_IS(choice, "required"))
        llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "tool_choice", "Cohere cannot be told which tool to call; ask for required, and give this tool alone");
    if (q->parallel_tool_calls == LLMF_NO && q->tool_count)
        llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "parallel_tool_calls", "Cohere cannot be kept to one call at a time; leave it out");
    if ((a->format || q->format) && (a->model->quirks & LLMFI_Q_NO_JSON_MODE))
        llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "format", "this model knows neither JSON mode nor schemas; ask for JSON in the prompt");
    if ((a->format || q->format) && (q->tool_count || !LLMFI_COHERE_OURS(a, "documents")))
        llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "format", "Cohere has none together with tools or documents; leave one of them out");
    if (effort.len && !LLMFI_IS(effort, "none") && (a->model->quirks & LLMFI_Q_NO_REASONING))
        llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "reasoning", "this model cannot think before it answers; leave it out, or take another model");
    if (q->top_p != 0 && (q->top_p < 0.01 || q->top_p > 0.99)) llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "top_p", "Cohere takes 0.01 to 0.99");
    if (q->stop_count > 5) llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "stop", "Cohere takes five at most");
    if (llmfi_extra(a, LLMFI_LIT("stream"))) llmfi_refuse(no, LLMF_ERR_ARGUMENT, "extra.stream", "set the request's own stream instead: it also says how the reply is read");
    for (i = 0; i < q->message_count && no->code == LLMF_OK; i++) llmfi_cohere_check_message(a, &q->messages[i], no);
}

/* "/v2" where the base URL does not end in it. */
static void llmfi_cohere_base(const llmfi_ask *a, llmfi_out *out) {
    llmf_str base = a->model->base_url;
    while (base.len && base.ptr[base.len - 1] == '/') base.len--;
    if (!llmfi_ends(base, LLMFI_LIT("/v2"))) LLMFI_PUT(out, "/v2");
}

static void llmfi_cohere_path(const llmfi_ask *a, llmfi_out *out) {
    llmfi_cohere_base(a, out);
    LLMFI_PUT(out, "/chat");
}

static const llmfi_adapter llmfi_cohere = {
    "cohere",
    llmfi_cohere_check,
    llmfi_cohere_path,
    NULL,
    llmfi_cohere_body,
    LLMF_FRAMING_JSON,
    LLMF_FRAMING_SSE,
    llmfi_cohere_on_frame,
    NULL
};

#endif
