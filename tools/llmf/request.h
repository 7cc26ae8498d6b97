/* The Request of docs (JSON) as a llmf_request. What it points to lives until the program ends. */
#ifndef LLMF_TOOL_REQUEST_H
#define LLMF_TOOL_REQUEST_H
#include "text.h"

typedef struct request {
    llmf_request req;
    llmf_input input;              /* of the operations besides chat */
    llmf_part audio;
    char *model;                   /* NULL: the default */
    char problem[256];             /* why it is no Request; "" */
} request;

static bool bad(request *r, const char *what, llmf_str where) {
    snprintf(r->problem, sizeof r->problem, "%s: %.*s", what, (int)(where.len < 120 ? where.len : 120), where.ptr);
    return false;
}

static bool take_text(request *r, llmf_str key, llmf_str value, const char **out, size_t *len) {
    if (is(value, "null")) return true;
    *out = json_text(value, len);
    return *out || bad(r, "must be a string", key);
}

static bool take_view(request *r, llmf_str key, llmf_str value, llmf_str *out) {
    const char *ptr = "";
    size_t len = 0;
    if (!take_text(r, key, value, &ptr, &len)) return false;
    out->ptr = ptr;
    out->len = len;
    return true;
}

/* null is what it was: false, or not set. */
static bool take_bool(request *r, llmf_str key, llmf_str value, bool *out) {
    if (is(value, "null")) return true;
    *out = json_true(value);
    return *out || is(value, "false") || bad(r, "must be true or false", key);
}

static size_t count_items(llmf_str json) {
    size_t at = 0, n = 0;
    llmf_str value;
    while (llmf_json_each(json, &at, NULL, &value)) n++;
    return n;
}

static void *get_array(size_t count, size_t size) {
    void *p = get_memory(NULL, (count + 1) * size);
    memset(p, 0, (count + 1) * size);
    return p;
}

static bool take_part_data(request *r, llmf_str key, llmf_str value, llmf_part *p) {
    const char *encoded = NULL;
    size_t len = 0;
    text bytes = {NULL, 0, 0};
    if (!take_text(r, key, value, &encoded, &len)) return false;
    if (!encoded || !from_base64(encoded, len, &bytes)) return bad(r, "must be base64", key);
    p->data = bytes.ptr;
    p->data_len = bytes.len;
    return true;
}

static bool take_part(request *r, llmf_str json, llmf_part *p) {
    static const char *const types[] = {"text", "image", "audio", "file"};
    llmf_str key, v;
    size_t at = 0;
    while (llmf_json_each(json, &at, &key, &v)) {
        bool ok = true;
        if (is(key, "type")) {
            const char *type = "";
            int i;
            if (!take_text(r, key, v, &type, NULL)) return false;
            for (i = 0; i < 4 && strcmp(types[i], type) != 0; i++) continue;
            if (i == 4) return bad(r, "type of a part must be text, image, audio or file, not", v);
            p->type = i;
        } else if (is(key, "text")) ok = take_text(r, key, v, &p->text, &p->text_len);
        else if (is(key, "path")) ok = take_text(r, key, v, &p->path, NULL);
        else if (is(key, "url")) ok = take_text(r, key, v, &p->url, NULL);
        else if (is(key, "data")) ok = take_part_data(r, key, v, p);
        else if (is(key, "media_type")) ok = take_text(r, key, v, &p->media_type, NULL);
        else if (is(key, "name")) ok = take_text(r, key, v, &p->name, NULL);
        else if (is(key, "detail")) ok = take_text(r, key, v, &p->detail, NULL);
        else return bad(r, "unknown key in a part", key);
        if (!ok) return false;
    }
    return true;
}

static bool take_content(request *r, llmf_str key, llmf_str value, llmf_message *m) {
    llmf_part *parts;
    size_t at = 0, n = 0;
    llmf_str item;
    if (!value.len || value.ptr[0] != '[') return take_text(r, key, value, &m->content, &m->content_len);
    parts = (llmf_part *)get_array(count_items(value), sizeof *parts);
    while (llmf_json_each(value, &at, NULL, &item))
        if (!take_part(r, item, &parts[n++])) return false;
    m->parts = parts;
    m->part_count = n;
    return true;
}

static bool take_tool_calls(request *r, llmf_str json, llmf_message *m) {
    llmf_tool_call *calls = (llmf_tool_call *)get_array(count_items(json), sizeof *calls);
    size_t at = 0, n = 0;
    llmf_str item, key, v;
    if (!is(json, "null") && (!json.len || json.ptr[0] != '[')) return bad(r, "must be an array", view("tool_calls"));
    while (llmf_json_each(json, &at, NULL, &item)) {
        size_t inner = 0;
        while (llmf_json_each(item, &inner, &key, &v)) {
            if (is(key, "arguments")) calls[n].arguments = v;
            else if (is(key, "arguments_raw") ? !take_view(r, key, v, &calls[n].arguments)
                     : is(key, "id")          ? !take_view(r, key, v, &calls[n].id)
                     : is(key, "name")        ? !take_view(r, key, v, &calls[n].name)
                                              : !bad(r, "unknown key in a tool call", key))
                return false;
        }
        n++;
    }
    m->tool_calls = calls;
    m->tool_call_count = n;
    return true;
}

static bool take_role(request *r, llmf_str value, llmf_message *m) {
    static const char *const roles[] = {"user", "assistant", "system", "tool"};
    const char *role = "";
    int i;
    if (!take_text(r, view("role"), value, &role, NULL)) return false;
    for (i = 0; i < 4 && strcmp(roles[i], role) != 0; i++) continue;
    m->role = i;
    return i < 4 || bad(r, "role must be user, assistant, system or tool, not", value);
}

static bool take_message(request *r, llmf_str json, llmf_message *m) {
    llmf_str key, v;
    size_t at = 0;
    bool role = false;
    while (llmf_json_each(json, &at, &key, &v)) {
        bool ok = true;
        if (is(key, "role")) ok = role = take_role(r, v, m);
        else if (is(key, "content")) ok = take_content(r, key, v, m);
        else if (is(key, "reasoning")) ok = take_view(r, key, v, &m->reasoning);
        else if (is(key, "state")) ok = take_view(r, key, v, &m->state);
        else if (is(key, "tool_calls")) ok = take_tool_calls(r, v, m);
        else if (is(key, "tool_call_id")) ok = take_view(r, key, v, &m->tool_call_id);
        else if (is(key, "name")) ok = take_view(r, key, v, &m->name);
        else if (is(key, "is_error")) ok = take_bool(r, key, v, &m->is_error);
        else return bad(r, "unknown key in a message", key);
        if (!ok) return false;
    }
    return role || bad(r, "a message needs a role", json);
}

static bool take_messages(request *r, llmf_str json) {
    llmf_message *messages = (llmf_message *)get_array(count_items(json), sizeof *messages);
    size_t at = 0, n = 0;
    llmf_str item;
    if (is(json, "null")) return true;
    if (!json.len || json.ptr[0] != '[') return bad(r, "must be an array", view("messages"));
    while (llmf_json_each(json, &at, NULL, &item))
        if (!take_message(r, item, &messages[n++])) return false;
    r->req.messages = messages;
    r->req.message_count = n;
    return true;
}

static bool take_tools(request *r, llmf_str json) {
    llmf_tool *tools = (llmf_tool *)get_array(count_items(json), sizeof *tools);
    size_t at = 0, n = 0;
    llmf_str item, key, v;
    if (is(json, "null")) return true;
    if (!json.len || json.ptr[0] != '[') return bad(r, "must be an array", view("tools"));
    while (llmf_json_each(json, &at, NULL, &item)) {
        size_t inner = 0;
        while (llmf_json_each(item, &inner, &key, &v)) {
            bool ok = true;
            if (is(key, "name")) ok = take_text(r, key, v, &tools[n].name, NULL);
            else if (is(key, "description")) ok = take_text(r, key, v, &tools[n].description, NULL);
            else if (is(key, "parameters")) tools[n].parameters = is(v, "null") ? NULL : copy(v);
            else if (is(key, "strict")) ok = take_bool(r, key, v, &tools[n].strict);
            else return bad(r, "unknown key in a tool", key);
            if (!ok) return false;
        }
        n++;
    }
    r->req.tools = tools;
    r->req.tool_count = n;
    return true;
}

static bool take_stop(request *r, llmf_str json) {
    const char **stop = (const char **)get_array(count_items(json), sizeof *stop);
    size_t at = 0, n = 0;
    llmf_str item;
    if (is(json, "null")) return true;
    if (json.len && json.ptr[0] == '"') {
        if (!take_text(r, view("stop"), json, &stop[n++], NULL)) return false;
    } else if (!json.len || json.ptr[0] != '[') {
        return bad(r, "must be an array of strings", view("stop"));
    }
    while (json.ptr[0] == '[' && llmf_json_each(json, &at, NULL, &item))
        if (!take_text(r, view("stop"), item, &stop[n++], NULL)) return false;
    r->req.stop = stop;
    r->req.stop_count = n;
    return true;
}

/* 0 is a value here, and "not set" in the struct. */
static bool take_double(request *r, llmf_str key, llmf_str value, double *out) {
    if (is(value, "null")) return true;
    if (!llmf_json_number(value, out)) return bad(r, "must be a number", key);
    if (*out == LLMF_ZERO) *out = -2; /* out of range: refused by the library by its own name */
    if (*out == 0) *out = LLMF_ZERO;
    return true;
}

static bool take_int(request *r, llmf_str key, llmf_str value, int64_t *out) {
    return is(value, "null") || json_int(value, out) || bad(r, "must be a whole number", key);
}

static bool take_max_tokens(request *r, llmf_str key, llmf_str value) {
    if (!take_int(r, key, value, &r->req.max_tokens)) return false;
    return r->req.max_tokens > 0 || is(value, "null") || bad(r, "must be at least 1", key);
}

static bool take_format(request *r, llmf_str key, llmf_str value) {
    if (is(value, "null")) return true;
    if (value.len && value.ptr[0] == '"') return take_text(r, key, value, &r->req.format, NULL);
    r->req.format = copy(value);
    return true;
}

static bool take_parallel(request *r, llmf_str key, llmf_str value) {
    bool yes = false;
    if (!take_bool(r, key, value, &yes)) return false;
    r->req.parallel_tool_calls = is(value, "null") ? LLMF_UNSET : yes ? LLMF_YES : LLMF_NO;
    return true;
}

/* ---- operations besides chat ---- */

static bool take_input(request *r, llmf_str json) {
    llmf_str *texts = (llmf_str *)get_array(count_items(json) + 1, sizeof *texts);
    size_t at = 0, n = 0;
    llmf_str item;
    if (is(json, "null")) return true;
    if (json.len && json.ptr[0] == '"') {
        if (!take_view(r, view("input"), json, &texts[n++])) return false;
    } else if (!json.len || json.ptr[0] != '[') {
        return bad(r, "must be an array of strings", view("input"));
    }
    while (json.ptr[0] == '[' && llmf_json_each(json, &at, NULL, &item))
        if (!take_view(r, view("input"), item, &texts[n++])) return false;
    r->input.texts = texts;
    r->input.text_count = n;
    return true;
}

static bool take_audio(request *r, llmf_str json) {
    if (is(json, "null")) return true;
    r->audio.type = LLMF_PART_AUDIO;
    r->input.audio = &r->audio;
    return take_part(r, json, &r->audio);
}

static bool take_key(request *r, llmf_str key, llmf_str v) {
    llmf_request *q = &r->req;
    if (is(key, "model")) return take_text(r, key, v, (const char **)&r->model, NULL);
    if (is(key, "system")) return take_text(r, key, v, &q->system, &q->system_len);
    if (is(key, "prompt")) return take_text(r, key, v, &q->prompt, &q->prompt_len);
    if (is(key, "messages")) return take_messages(r, v);
    if (is(key, "tools")) return take_tools(r, v);
    if (is(key, "tool_choice")) return take_text(r, key, v, &q->tool_choice, NULL);
    if (is(key, "parallel_tool_calls")) return take_parallel(r, key, v);
    if (is(key, "format")) return take_format(r, key, v);
    if (is(key, "temperature")) return take_double(r, key, v, &q->temperature);
    if (is(key, "top_p")) return take_double(r, key, v, &q->top_p);
    if (is(key, "max_tokens")) return take_max_tokens(r, key, v);
    if (is(key, "stop")) return take_stop(r, v);
    if (is(key, "seed")) return q->use_seed = !is(v, "null"), take_int(r, key, v, &q->seed);
    if (is(key, "reasoning")) return take_text(r, key, v, &q->reasoning, NULL);
    if (is(key, "cache")) return take_bool(r, key, v, &q->cache);
    if (is(key, "user")) return take_text(r, key, v, &q->user, NULL);
    if (is(key, "input")) return take_input(r, v);
    if (is(key, "dimensions")) return take_int(r, key, v, &r->input.dimensions);
    if (is(key, "purpose")) return take_text(r, key, v, &r->input.purpose, NULL);
    if (is(key, "audio")) return take_audio(r, v);
    if (is(key, "language")) return take_text(r, key, v, &r->input.language, NULL);
    if (is(key, "segments")) return take_bool(r, key, v, &r->input.segments);
    if (is(key, "page")) return take_text(r, key, v, &r->input.page, NULL);
    if (is(key, "extra")) return q->extra = is(v, "null") ? NULL : copy(v), true;
    if (is(key, "llmf_conversation")) return is(v, "1") || bad(r, "is of another version than this program reads, which is 1", key); /* what llmf_conversation_save writes */
    return bad(r, "unknown key", key);
}

/* False with r->problem. */
static bool parse_request(llmf_str json, request *r) {
    llmf_str key, v;
    size_t at = 0, wrong = 0;
    memset(r, 0, sizeof *r);
    r->req.input = &r->input;
    if (!llmf_json_valid(json, &wrong)) {
        snprintf(r->problem, sizeof r->problem, "the request is not valid JSON at byte %lu", (unsigned long)wrong);
        return false;
    }
    while (json.len && strchr(" \t\r\n", json.ptr[0])) json.ptr++, json.len--;
    if (json.ptr[0] != '{') return bad(r, "the request must be a JSON object", view(""));
    while (llmf_json_each(json, &at, &key, &v))
        if (!take_key(r, key, v)) return false;
    if (r->req.prompt && r->req.messages) return bad(r, "prompt and messages together: give one of them", view("prompt"));
    return true;
}

#endif
