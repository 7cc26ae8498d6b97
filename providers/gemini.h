/* Google's Gemini API ("Gemini API reference", models.generateContent and models.streamGenerateContent), there and on Vertex AI.

   Not sent, because the API has no such field: user, cache (it caches by itself), a tool's strict, an image's detail. */
#ifndef LLMFI_PROVIDERS_GEMINI_H
#define LLMFI_PROVIDERS_GEMINI_H
#include "../src/wire/url.h"
#include "gemini_reply.h"
#include "operation.h"

/* "skip_thought_signature_validator" as base64: the signature that the API takes for a call which another model made ("Thought signatures"). */
#define LLMFI_GEMINI_SKIP "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I="

#define LLMFI_GEMINI_CONFIG LLMFI_LIT("generationConfig")
#define LLMFI_GEMINI_OWN(a, lit) (!llmfi_extra((a), LLMFI_LIT(lit)))
/* Is this member of generationConfig ours to say? */
#define LLMFI_GEMINI_SAYS(a, lit) (!llmfi_extra_in((a), LLMFI_GEMINI_CONFIG, LLMFI_LIT(lit)))

static bool llmfi_gemini_quirk(const llmfi_ask *a, uint32_t quirks) {
    return (a->model->quirks & quirks & LLMFI_QUIRKS_MET) != 0;
}

/* ---- generationConfig ---- */

/* What an effort word comes to: a level, and the budget for models that know no level ("OpenAI compatibility", Thinking). */
static const struct {
    const char *word, *level;
    int budget;
} llmfi_gemini_efforts[] = { { "minimal", "minimal", 1024 }, { "low", "low", 1024 },     { "medium", "medium", 8192 },
                             { "high", "high", 24576 },      { "xhigh", "high", 24576 }, { "max", "high", 24576 } };

static void llmfi_gemini_thinking(const llmfi_ask *a, llmfi_jw *w) {
    llmf_str word = llmfi_cstr(a->req->reasoning);
    int64_t budget = 0;
    bool none = LLMFI_IS(word, "none"), tokens = llmfi_reasoning_tokens(a->req->reasoning, &budget);
    size_t i = 0;
    if (!word.len || !LLMFI_GEMINI_SAYS(a, "thinkingConfig") || (none && llmfi_gemini_quirk(a, LLMFI_Q_NO_REASONING))) return;
    while (i + 1 < LLMFI_COUNT(llmfi_gemini_efforts) && !llmfi_eq(word, llmfi_cstr(llmfi_gemini_efforts[i].word))) i++;
    if (!none && !tokens) budget = llmfi_gemini_efforts[i].budget;
    llmfi_jw_key(w, "thinkingConfig");
    llmfi_jw_object(w);
    if (!none) llmfi_jw_member_bool(w, "includeThoughts", true);
    if (!tokens && llmfi_gemini_quirk(a, LLMFI_Q_ADAPTIVE_THINKING)) llmfi_jw_member_cstr(w, "thinkingLevel", llmfi_gemini_efforts[i].level);
    else llmfi_jw_member_int(w, "thinkingBudget", budget);
    llmfi_jw_object_end(w);
}

/* Like Ollama's options, an extra generationConfig is laid over ours member by member. */
static void llmfi_gemini_config(const llmfi_ask *a, llmfi_jw *w) {
    const llmf_request *q = a->req;
    llmfi_jw_key(w, "generationConfig");
    llmfi_jw_object(w);
    if (q->temperature != 0 && LLMFI_GEMINI_SAYS(a, "temperature")) llmfi_jw_member_double(w, "temperature", q->temperature < 0 ? 0 : q->temperature);
    if (q->top_p != 0 && LLMFI_GEMINI_SAYS(a, "topP")) llmfi_jw_member_double(w, "topP", q->top_p < 0 ? 0 : q->top_p);
    if (q->max_tokens > 0 && LLMFI_GEMINI_SAYS(a, "maxOutputTokens")) llmfi_jw_member_int(w, "maxOutputTokens", q->max_tokens);
    if (q->use_seed && LLMFI_GEMINI_SAYS(a, "seed")) llmfi_jw_member_int(w, "seed", q->seed);
    if (q->stop_count && LLMFI_GEMINI_SAYS(a, "stopSequences")) {
        llmfi_jw_key(w, "stopSequences");
        llmfi_jw_strings(w, q->stop, q->stop_count);
    }
    if ((a->format || q->format) && LLMFI_GEMINI_SAYS(a, "responseMimeType")) llmfi_jw_member_lit(w, "responseMimeType", "application/json");
    if (a->format && !llmfi_gemini_quirk(a, LLMFI_Q_NO_SCHEMA) && LLMFI_GEMINI_SAYS(a, "responseJsonSchema")) {
        llmfi_jw_key(w, "responseJsonSchema");
        llmfi_node_write(w, a->format);
    }
    llmfi_gemini_thinking(a, w);
    llmfi_extra_write_in(a, w, LLMFI_GEMINI_CONFIG);
    llmfi_jw_object_end(w);
}

/* ---- parts ---- */

/* signature: raw JSON with its quotes; empty: none. */
static void llmfi_gemini_part_end(llmfi_jw *w, llmf_str signature) {
    if (signature.len) llmfi_jw_member_raw(w, "thoughtSignature", signature);
    llmfi_jw_object_end(w);
}

static void llmfi_gemini_text_part(llmfi_jw *w, llmf_str text, llmf_str signature) {
    if (!text.len && !signature.len) return; /* the API refuses it */
    llmfi_jw_object(w);
    llmfi_jw_member_str(w, "text", text);
    llmfi_gemini_part_end(w, signature);
}

#if LLMF_HAS_MEDIA
/* The media type of a URL: as given, or as the URL ends; where neither tells, none: the API looks for itself. */
static llmf_str llmfi_gemini_url_media(const llmf_part *p) {
    llmf_part named = *p;
    llmf_str media;
    named.name = p->url;
    media = llmfi_part_media(&named);
    return LLMFI_IS(media, "application/octet-stream") && !(p->media_type && *p->media_type) ? llmfi_str("", 0) : media;
}

static void llmfi_gemini_media_part(llmfi_jw *w, const llmf_part *p) {
    llmf_str url = llmfi_cstr(p->url), media, base64;
    bool inside = p->url && llmfi_data_url(url, &media, &base64);
    llmfi_jw_object(w);
    if (p->url && !inside) {
        media = llmfi_gemini_url_media(p);
        llmfi_jw_key(w, "fileData");
        llmfi_jw_object(w);
        if (media.len) llmfi_jw_member_str(w, "mimeType", media);
        llmfi_jw_member_str(w, "fileUri", url);
    } else {
        llmfi_jw_key(w, "inlineData");
        llmfi_jw_object(w);
        llmfi_jw_member_str(w, "mimeType", inside ? media : llmfi_part_media(p));
        llmfi_jw_key(w, "data");
        if (inside) llmfi_jw_str(w, base64);
        else llmfi_jw_base64_string(w, llmfi_str("", 0), p->data, p->data_len);
    }
    llmfi_jw_object_end(w);
    llmfi_jw_object_end(w);
}
#endif

/* texts: those that are text as well. */
static void llmfi_gemini_parts(llmfi_jw *w, const llmf_message *m, bool texts) {
    size_t i;
    for (i = 0; i < m->part_count; i++) {
        const llmf_part *p = &m->parts[i];
        if (p->type == LLMF_PART_TEXT && texts) llmfi_gemini_text_part(w, llmfi_text_at(p->text, p->text_len), llmfi_str("", 0));
#if LLMF_HAS_MEDIA
        if (p->type != LLMF_PART_TEXT) llmfi_gemini_media_part(w, p);
#endif
    }
}

static void llmfi_gemini_id(llmfi_jw *w, llmf_str id) {
    if (id.len && !llmfi_made_id(id)) llmfi_jw_member_str(w, "id", id);
}

/* ---- what the model said ---- */

/* Writes the calls from `from` to before `to`; where the next one begins. The first of a message needs a signature on some models, whoever made it. */
static size_t llmfi_gemini_calls(const llmfi_ask *a, const llmf_message *m, llmfi_jw *w, size_t from, size_t to, llmf_str signature) {
    for (; from < to && from < m->tool_call_count; from++) {
        const llmf_tool_call *c = &m->tool_calls[from];
        if (!signature.len && !from && llmfi_gemini_quirk(a, LLMFI_Q_SIGNED_CALLS)) signature = LLMFI_LIT("\"" LLMFI_GEMINI_SKIP "\"");
        llmfi_jw_object(w);
        llmfi_jw_key(w, "functionCall");
        llmfi_jw_object(w);
        llmfi_gemini_id(w, c->id);
        llmfi_jw_member_str(w, "name", c->name);
        llmfi_jw_key(w, "args");
        llmfi_jw_arguments(w, c);
        llmfi_jw_object_end(w);
        llmfi_gemini_part_end(w, signature);
        signature = llmfi_str("", 0);
    }
    return from;
}

#if LLMF_HAS_STATE
/* The text up to byte `until`, never to the middle of a character: what of it was not written yet, and *at behind it. */
static llmf_str llmfi_gemini_text_to(llmf_str text, size_t *at, int64_t until) {
    llmf_str piece = llmfi_from(text, *at);
    size_t n = until < 0 ? 0 : (uint64_t)until < text.len ? (size_t)until : text.len;
    n = llmfi_utf8_cut(text, n).len;
    piece.len = n > *at ? n - *at : 0;
    *at += piece.len;
    return piece;
}

/* One item of a state (see gemini_reply.h), and what stood before it. */
static void llmfi_gemini_item(const llmfi_ask *a, const llmf_message *m, llmfi_jw *w, llmf_str item, size_t *at, size_t *call) {
    enum { AT, CALLS, TEXT, SIGNATURE, PART, NAMES };
    llmf_str text = llmfi_text_at(m->content, m->content_len), raw[NAMES];
    int64_t n[SIGNATURE] = { 0, 0, -1 };
    llmfi_json j;
    int which;
    memset(raw, 0, sizeof raw);
    llmfi_json_init(&j, item, true);
    llmfi_json_next(&j);
    while ((which = llmfi_json_pick(&j, "at\0calls\0text\0thoughtSignature\0part\0")) >= 0)
        if (which < SIGNATURE) n[which] = llmfi_json_tokens(&j);
        else if (which < NAMES) llmfi_json_raw(&j, &raw[which]);
        else llmfi_json_skip(&j);
    if (n[AT] < 0) n[AT] = 0;
    llmfi_gemini_text_part(w, llmfi_gemini_text_to(text, at, n[AT]), llmfi_str("", 0));
    *call = llmfi_gemini_calls(a, m, w, *call, n[CALLS] < 0 ? 0 : (size_t)n[CALLS], llmfi_str("", 0));
    if (raw[PART].len) llmfi_jw_raw(w, raw[PART]);
    else if (n[TEXT] < 0) *call = llmfi_gemini_calls(a, m, w, *call, *call + 1, raw[SIGNATURE]);
    else llmfi_gemini_text_part(w, llmfi_gemini_text_to(text, at, n[TEXT] > INT64_MAX - n[AT] ? INT64_MAX : n[AT] + n[TEXT]), raw[SIGNATURE]);
}
#endif

/* Text and calls, each cut and put where it had its signature: a signature that moves to another part is refused, or worth nothing. */
static void llmfi_gemini_walk(const llmfi_ask *a, const llmf_message *m, llmfi_jw *w) {
    size_t at = 0, call = 0;
#if LLMF_HAS_STATE
    llmf_str items = llmfi_state_items(a, m, "gemini"), item;
    llmfi_json j;
    llmfi_json_init(&j, items, true);
    if (items.len && llmfi_json_next(&j) == LLMFI_J_ARRAY)
        while (llmfi_json_raw(&j, &item) == LLMFI_J_OBJECT) llmfi_gemini_item(a, m, w, item, &at, &call);
#endif
    llmfi_gemini_text_part(w, llmfi_from(llmfi_text_at(m->content, m->content_len), at), llmfi_str("", 0));
    llmfi_gemini_parts(w, m, true);
    llmfi_gemini_calls(a, m, w, call, m->tool_call_count, llmfi_str("", 0));
}

/* ---- results of tools ---- */

static llmf_str llmfi_gemini_result_text(const llmf_message *m, size_t i) {
    const llmf_part *p = i ? &m->parts[i - 1] : NULL;
    if (!p) return llmfi_text_at(m->content, m->content_len);
    return p->type == LLMF_PART_TEXT ? llmfi_text_at(p->text, p->text_len) : llmfi_str("", 0);
}

/* The result as the object that the API wants: an object as it stands; else {"output": …} or {"error": …}, with JSON as JSON, and pieces of text a line each. */
static void llmfi_gemini_response(llmfi_jw *w, const llmf_message *m) {
    llmf_str only = llmfi_str("", 0);
    size_t i, pieces = 0;
    for (i = 0; i <= m->part_count; i++)
        if (llmfi_gemini_result_text(m, i).len) {
            only = llmfi_gemini_result_text(m, i);
            pieces++;
        }
    if (pieces != 1 || !llmfi_json_valid(only)) only = llmfi_str("", 0);
    only = llmfi_trim(only);
    if (only.len && only.ptr[0] == '{' && !m->is_error) {
        llmfi_jw_raw(w, only);
        return;
    }
    llmfi_jw_object(w);
    if (m->is_error) llmfi_jw_key(w, "error");
    else llmfi_jw_key(w, "output");
    if (only.len) {
        llmfi_jw_raw(w, only);
    } else {
        llmfi_jw_str_begin(w);
        for (i = pieces = 0; i <= m->part_count; i++) {
            llmf_str piece = llmfi_gemini_result_text(m, i);
            if (piece.len && pieces++) llmfi_jw_str_piece(w, LLMFI_LIT("\n"));
            llmfi_jw_str_piece(w, piece);
        }
        llmfi_jw_str_end(w);
    }
    llmfi_jw_object_end(w);
}

/* Images and files of a result stand behind it. */
static void llmfi_gemini_result(const llmfi_ask *a, size_t i, llmfi_jw *w) {
    const llmf_message *m = &a->req->messages[i];
    llmfi_jw_object(w);
    llmfi_jw_key(w, "functionResponse");
    llmfi_jw_object(w);
    llmfi_gemini_id(w, m->tool_call_id);
    llmfi_jw_member_str(w, "name", llmfi_result_name(a, i));
    llmfi_jw_key(w, "response");
    llmfi_gemini_response(w, m);
    llmfi_jw_object_end(w);
    llmfi_jw_object_end(w);
    llmfi_gemini_parts(w, m, false);
}

/* ---- contents ---- */

static bool llmfi_gemini_says(const llmf_message *m) {
    size_t i;
    bool any = m->role == LLMF_TOOL || m->tool_call_count || llmfi_text_at(m->content, m->content_len).len;
    for (i = 0; i < m->part_count; i++) any = any || m->parts[i].type != LLMF_PART_TEXT || llmfi_text_at(m->parts[i].text, m->parts[i].text_len).len;
    return any;
}

/* Who says it: LLMF_USER or LLMF_ASSISTANT; LLMF_SYSTEM: nobody, or it stands in systemInstruction. */
static int llmfi_gemini_side(const llmfi_ask *a, size_t i) {
    const llmf_message *m = &a->req->messages[i];
    if (m->role == LLMF_SYSTEM || (!llmfi_gemini_says(m) && !llmfi_state_items(a, m, "gemini").len)) return LLMF_SYSTEM;
    return m->role == LLMF_ASSISTANT ? LLMF_ASSISTANT : LLMF_USER;
}

/* Neighbours of one side are one content: the API wants all results of a turn together. */
static void llmfi_gemini_message(const llmfi_ask *a, size_t i, llmfi_jw *w) {
    const llmf_message *m = &a->req->messages[i];
    int side = llmfi_gemini_side(a, i), before = LLMF_SYSTEM, next = LLMF_SYSTEM;
    size_t k;
    if (side == LLMF_SYSTEM) return;
    for (k = i; before == LLMF_SYSTEM && k-- > 0;) before = llmfi_gemini_side(a, k);
    for (k = i + 1; next == LLMF_SYSTEM && k < a->req->message_count; k++) next = llmfi_gemini_side(a, k);
    if (before != side) {
        llmfi_jw_object(w);
        llmfi_jw_member_str(w, "role", side == LLMF_USER ? LLMFI_LIT("user") : LLMFI_LIT("model"));
        llmfi_jw_key(w, "parts");
        llmfi_jw_array(w);
    }
    if (m->role == LLMF_TOOL) llmfi_gemini_result(a, i, w);
    else llmfi_gemini_walk(a, m, w);
    if (next != side) {
        llmfi_jw_array_end(w);
        llmfi_jw_object_end(w);
    }
}

/* ---- system, tools ---- */

/* There is a system text, and it is ours to say. */
static bool llmfi_gemini_system(const llmfi_ask *a) {
    size_t i;
    bool any = a->req->system_len != 0;
    for (i = 0; i < a->req->message_count; i++) any = any || (a->req->messages[i].role == LLMF_SYSTEM && llmfi_gemini_says(&a->req->messages[i]));
    return any && LLMFI_GEMINI_OWN(a, "systemInstruction");
}

/* The id without "models/", which some write before it. */
static llmf_str llmfi_gemini_model(const llmfi_ask *a) {
    llmf_str model = a->model->model_id, prefix = LLMFI_LIT("models/");
    return llmfi_from(model, llmfi_starts(model, prefix) ? prefix.len : 0);
}

/* "model": "models/…", as the parts of a larger request have it. */
static void llmfi_gemini_resource(const llmfi_ask *a, llmfi_jw *w) {
    llmfi_jw_key(w, "model");
    llmfi_jw_str_begin(w);
    llmfi_jw_str_piece(w, LLMFI_LIT("models/"));
    llmfi_jw_str_piece(w, llmfi_gemini_model(a));
    llmfi_jw_str_end(w);
}

/* The body of a chat stands in another one, whose tokens are to be counted: not on Vertex AI. */
static bool llmfi_gemini_counts_inside(const llmfi_ask *a) {
    return a->req->op == LLMF_OP_COUNT_TOKENS && !llmfi_op_trait(a, 'V');
}

/* Opens the place for system texts, which is, for models that know none, a content of the user's in front of the others. */
static void llmfi_gemini_begin(const llmfi_ask *a, llmfi_jw *w) {
    bool contents = LLMFI_GEMINI_OWN(a, "contents"), user = contents && llmfi_gemini_quirk(a, LLMFI_Q_SYSTEM_AS_USER);
    llmfi_jw_object(w);
    if (llmfi_gemini_counts_inside(a)) llmfi_gemini_resource(a, w);
    llmfi_gemini_config(a, w);
    if (user) {
        llmfi_jw_key(w, "contents");
        llmfi_jw_array(w);
    }
    if (llmfi_gemini_system(a)) {
        if (!user) llmfi_jw_key(w, "systemInstruction");
        llmfi_jw_object(w);
        if (user) llmfi_jw_member_lit(w, "role", "user");
        llmfi_jw_key(w, "parts");
        llmfi_jw_array(w);
        llmfi_gemini_text_part(w, llmfi_str(a->req->system, a->req->system_len), llmfi_str("", 0));
    }
}

/* Behind the system texts: `contents` opens. */
static void llmfi_gemini_contents(const llmfi_ask *a, llmfi_jw *w) {
    if (llmfi_gemini_system(a)) {
        llmfi_jw_array_end(w);
        llmfi_jw_object_end(w);
    }
    if (!LLMFI_GEMINI_OWN(a, "contents") || llmfi_gemini_quirk(a, LLMFI_Q_SYSTEM_AS_USER)) return;
    llmfi_jw_key(w, "contents");
    llmfi_jw_array(w);
}

static void llmfi_gemini_tool(const llmfi_ask *a, size_t i, llmfi_jw *w) {
    const llmf_tool *t = &a->req->tools[i];
    llmfi_jw_object(w);
    llmfi_jw_member_cstr(w, "name", t->name);
    if (t->description && *t->description) llmfi_jw_member_cstr(w, "description", t->description);
    if (a->schemas && a->schemas[i]) {
        llmfi_jw_key(w, "parametersJsonSchema");
        llmfi_node_write(w, a->schemas[i]);
    } else if (!LLMF_HAS_SCHEMA && t->parameters) {
        llmfi_jw_member_raw(w, "parametersJsonSchema", llmfi_cstr(t->parameters));
    }
    llmfi_jw_object_end(w);
}

static void llmfi_gemini_tool_config(const llmf_request *q, llmfi_jw *w) {
    llmf_str choice = llmfi_cstr(q->tool_choice);
    bool named = !LLMFI_IS(choice, "auto") && !LLMFI_IS(choice, "none") && !LLMFI_IS(choice, "required");
    if (!q->tool_count || !choice.len) return;
    llmfi_jw_key(w, "toolConfig");
    llmfi_jw_object(w);
    llmfi_jw_key(w, "functionCallingConfig");
    llmfi_jw_object(w);
    llmfi_jw_member_str(w, "mode", LLMFI_IS(choice, "auto") ? LLMFI_LIT("AUTO") : LLMFI_IS(choice, "none") ? LLMFI_LIT("NONE") : LLMFI_LIT("ANY"));
    if (named) {
        llmfi_jw_key(w, "allowedFunctionNames");
        llmfi_jw_strings(w, &q->tool_choice, 1);
    }
    llmfi_jw_object_end(w);
    llmfi_jw_object_end(w);
}

/* ---- the body ---- */

/* Steps: the beginning; a system message each; `contents` opens; a message each; `tools` opens; a tool each; the end. */
static bool llmfi_gemini_body(const llmfi_ask *a, unsigned step, llmfi_jw *w) {
    size_t n = a->req->message_count, tools = a->req->tool_count, at = step;
    bool contents = LLMFI_GEMINI_OWN(a, "contents"), tooled = tools && LLMFI_GEMINI_OWN(a, "tools");
    if (at == 0) {
        llmfi_gemini_begin(a, w);
    } else if (at <= n) {
        const llmf_message *m = &a->req->messages[at - 1];
        if (m->role == LLMF_SYSTEM && llmfi_gemini_system(a)) llmfi_gemini_walk(a, m, w);
    } else if (at == n + 1) {
        llmfi_gemini_contents(a, w);
    } else if ((at -= n + 2) < n) {
        if (contents) llmfi_gemini_message(a, at, w);
    } else if ((at -= n) == 0) {
        if (contents) llmfi_jw_array_end(w);
        if (!tooled) return true;
        llmfi_jw_key(w, "tools");
        llmfi_jw_array(w);
        llmfi_jw_object(w);
        llmfi_jw_key(w, "functionDeclarations");
        llmfi_jw_array(w);
    } else if (at <= tools) {
        if (tooled) llmfi_gemini_tool(a, at - 1, w);
    } else {
        if (tooled) {
            llmfi_jw_array_end(w);
            llmfi_jw_object_end(w);
            llmfi_jw_array_end(w);
        }
        if (LLMFI_GEMINI_OWN(a, "toolConfig")) llmfi_gemini_tool_config(a->req, w);
        llmfi_extra_write_but(a, w, LLMFI_GEMINI_CONFIG);
        llmfi_jw_object_end(w);
        return false;
    }
    return true;
}

/* ---- what cannot be asked ---- */

static void llmfi_gemini_check_reasoning(const llmfi_ask *a, llmfi_refusal *no) {
    llmf_str word = llmfi_cstr(a->req->reasoning);
    int64_t tokens;
    bool levels = llmfi_gemini_quirk(a, LLMFI_Q_ADAPTIVE_THINKING), none = LLMFI_IS(word, "none");
    if (!word.len) return;
    if (!none && llmfi_gemini_quirk(a, LLMFI_Q_NO_REASONING))
        llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "reasoning", "this model cannot think before it answers; leave it out, or take another model");
    else if (none && levels)
        llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "reasoning", "this model cannot be kept from thinking; give minimal or low");
    else if (levels && llmfi_reasoning_tokens(a->req->reasoning, &tokens) && !llmfi_gemini_quirk(a, LLMFI_Q_TOKEN_BUDGET))
        llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "reasoning", "this model takes no token budget; give minimal, low, medium or high");
}

static void llmfi_gemini_check_message(const llmfi_ask *a, const llmf_message *m, llmfi_refusal *no) {
    llmf_str items = llmfi_state_items(a, m, "gemini");
    if (items.len && (items.ptr[0] != '[' || !llmfi_json_valid(items)))
        llmfi_refuse(no, LLMF_ERR_ARGUMENT, "messages.state", "is damaged: give it back whole, as the response had it, or leave it out");
    if (m->role != LLMF_TOOL && m->name.len)
        llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "messages.name", "Gemini knows no names of who speaks; leave it out, or say it in the text");
#if LLMF_HAS_MEDIA
    {
        size_t k;
        llmf_str media, base64;
        for (k = 0; k < m->part_count; k++) {
            llmf_str url = llmfi_cstr(m->parts[k].url);
            if (llmfi_starts(url, LLMFI_LIT("data:")) && !llmfi_data_url(url, &media, &base64))
                llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "messages.parts.url", "a data: URL must be base64; give data and media_type instead");
            if (m->role == LLMF_SYSTEM && m->parts[k].type != LLMF_PART_TEXT)
                llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "messages.parts", "a system message takes text only; move this one to a user message");
        }
    }
#endif
}

static void llmfi_gemini_check(const llmfi_ask *a, llmfi_refusal *no) {
    const llmf_request *q = a->req;
    const llmfi_node *config = llmfi_extra(a, LLMFI_GEMINI_CONFIG);
    size_t i;
    llmfi_gemini_check_reasoning(a, no);
    if (config && config->type != LLMFI_OBJECT) llmfi_refuse(no, LLMF_ERR_ARGUMENT, "extra.generationConfig", "must be an object");
    if ((q->temperature != 0 || q->top_p != 0) && llmfi_gemini_quirk(a, LLMFI_Q_NO_SAMPLING))
        llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, q->temperature != 0 ? "temperature" : "top_p", "this model refuses it; leave it out");
    if (q->parallel_tool_calls == LLMF_NO && q->tool_count)
        llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "parallel_tool_calls", "Gemini cannot be kept to one call at a time; leave it out");
    if ((a->format || q->format) && llmfi_gemini_quirk(a, LLMFI_Q_NO_JSON_MODE))
        llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "format", "this model knows neither JSON mode nor schemas; ask for JSON in the prompt");
    for (i = 0; i < q->message_count && no->code == LLMF_OK; i++) llmfi_gemini_check_message(a, &q->messages[i], no);
}

/* The API's version goes behind a base URL that does not end with one. */
static void llmfi_gemini_version(const llmfi_ask *a, llmfi_out *out) {
    llmf_str base = a->model->base_url, version = a->model->api_version;
    size_t end = llmfi_find_char(base, '?'), last;
    if (end != LLMFI_NOWHERE) base.len = end;
    while (base.len && base.ptr[base.len - 1] == '/') base.len--;
    for (last = base.len; last && base.ptr[last - 1] != '/';) last--;
    base = llmfi_from(base, last);
    if (version.len && !(base.len > 1 && base.ptr[0] == 'v' && llmfi_is_digit(base.ptr[1]))) {
        LLMFI_PUT(out, "/");
        llmfi_put_str(out, version);
    }
}

static void llmfi_gemini_method(const llmfi_ask *a, llmfi_out *out, llmf_str method) {
    llmfi_gemini_version(a, out);
    LLMFI_PUT(out, "/models/");
    llmfi_url_put(out, llmfi_gemini_model(a));
    llmfi_put_str(out, method);
}

static void llmfi_gemini_path(const llmfi_ask *a, llmfi_out *out) {
    llmfi_gemini_method(a, out, a->req->stream ? LLMFI_LIT(":streamGenerateContent?alt=sse") : LLMFI_LIT(":generateContent"));
}

static const llmfi_adapter llmfi_gemini = {
    "gemini",
    llmfi_gemini_check,
    llmfi_gemini_path,
    NULL,
    llmfi_gemini_body,
    LLMF_FRAMING_JSON,
    LLMF_FRAMING_JSON_ARRAY,
    llmfi_gemini_frame,
    NULL
};

#endif
