/* Amazon Bedrock ("Amazon Bedrock API reference": Converse, ConverseStream), whose models are of many makers. Requests are signed by AWS Signature Version 4, or
   go out with a bearer key: see engine/send.h.

   Not sent, because Converse has no member for it: user, an image's detail. What a model alone knows goes through `extra`, as a rule inside of
   additionalModelRequestFields, which is laid over ours member by member; other members (guardrailConfig, requestMetadata …) stand as they are given.
   With `cache` a cache point stands behind the system text and behind the newest message, where the model takes them; tools are in front of both. */
#ifndef LLMFI_PROVIDERS_BEDROCK_H
#define LLMFI_PROVIDERS_BEDROCK_H
#include "bedrock_reply.h"
#include "claude.h"

/* The limit of a request that has none is what the model can give at most ("Amazon Bedrock API reference", InferenceConfiguration); this one where that is not known:
   budgets for thinking are cut to fit into it. */
#define LLMFI_BEDROCK_TOKENS 32000
/* Bytes of a document's name. */
#define LLMFI_BEDROCK_NAME 200

#define LLMFI_BEDROCK_FIELDS LLMFI_LIT("additionalModelRequestFields")
#define LLMFI_BEDROCK_OWN(a, lit) (!llmfi_extra((a), LLMFI_LIT(lit)))
/* Is this member of additionalModelRequestFields ours to say? */
#define LLMFI_BEDROCK_SAYS(a, lit) (!llmfi_extra_in((a), LLMFI_BEDROCK_FIELDS, LLMFI_LIT(lit)))

static bool llmfi_bedrock_quirk(const llmfi_ask *a, uint32_t quirks) {
    return (a->model->quirks & quirks & LLMFI_QUIRKS_MET) != 0;
}

/* "key": { */
static void llmfi_bedrock_object(llmfi_jw *w, const char *key) {
    llmfi_jw_key_str(w, llmfi_cstr(key));
    llmfi_jw_object(w);
}

/* ---- reasoning: each family has a member of its own for it ---- */

static int64_t llmfi_bedrock_max_tokens(const llmfi_ask *a) {
    return a->req->max_tokens > 0 ? a->req->max_tokens : a->model->max_output > 0 ? a->model->max_output : LLMFI_BEDROCK_TOKENS;
}

static llmfi_claude_think llmfi_bedrock_claude(const llmfi_ask *a) {
    llmfi_claude_think t = { LLMFI_THINK_UNSAID, 0, NULL };
    if (!llmfi_bedrock_quirk(a, LLMFI_Q_THINKING_OBJECT) || !LLMFI_BEDROCK_SAYS(a, "thinking")) return t;
    t = llmfi_claude_thinking(a, llmfi_bedrock_max_tokens(a));
    if (t.mode == LLMFI_THINK_OFF) t.mode = LLMFI_THINK_UNSAID; /* they do not think unless they are asked to, and the newest refuse the word */
    return t;
}

/* The level for models that know three of them; NULL: none is asked for. */
static const char *llmfi_bedrock_level(const llmfi_ask *a) {
    llmf_str word = llmfi_cstr(a->req->reasoning);
    if (!word.len || LLMFI_IS(word, "none")) return NULL;
    return LLMFI_IS(word, "minimal") || LLMFI_IS(word, "low") ? "low" : LLMFI_IS(word, "medium") ? "medium" : "high";
}

static const char *llmfi_bedrock_nova(const llmfi_ask *a) {
    return llmfi_bedrock_quirk(a, LLMFI_Q_REASONING_CONFIG) && LLMFI_BEDROCK_SAYS(a, "reasoningConfig") ? llmfi_bedrock_level(a) : NULL;
}

static const char *llmfi_bedrock_effort(const llmfi_ask *a) {
    return llmfi_bedrock_quirk(a, LLMFI_Q_THINKING_EFFORT) && LLMFI_BEDROCK_SAYS(a, "reasoning_effort") ? llmfi_bedrock_level(a) : NULL;
}

static void llmfi_bedrock_fields(const llmfi_ask *a, llmfi_jw *w) {
    llmfi_claude_think t = llmfi_claude_sent(a, llmfi_bedrock_claude(a), "bedrock");
    const char *nova = llmfi_bedrock_nova(a), *effort = llmfi_bedrock_effort(a);
    if (t.mode == LLMFI_THINK_UNSAID && !nova && !effort && !llmfi_extra(a, LLMFI_BEDROCK_FIELDS)) return;
    llmfi_bedrock_object(w, "additionalModelRequestFields");
    if (t.mode != LLMFI_THINK_UNSAID) llmfi_claude_write_thinking(&t, w);
    if (t.mode == LLMFI_THINK_EFFORT && LLMFI_BEDROCK_SAYS(a, "output_config")) {
        llmfi_bedrock_object(w, "output_config");
        llmfi_jw_member_str(w, "effort", llmfi_cstr(t.effort));
        llmfi_jw_object_end(w);
    }
    if (nova) {
        llmfi_bedrock_object(w, "reasoningConfig");
        llmfi_jw_member_lit(w, "type", "enabled");
        llmfi_jw_member_str(w, "maxReasoningEffort", llmfi_cstr(nova));
        llmfi_jw_object_end(w);
    }
    if (effort) llmfi_jw_member_str(w, "reasoning_effort", llmfi_cstr(effort));
    llmfi_extra_write_in(a, w, LLMFI_BEDROCK_FIELDS);
    llmfi_jw_object_end(w);
}

/* ---- the head ---- */

static void llmfi_bedrock_inference(const llmfi_ask *a, llmfi_jw *w) {
    const llmf_request *q = a->req;
    if (!LLMFI_BEDROCK_OWN(a, "inferenceConfig") || (q->max_tokens <= 0 && q->temperature == 0 && q->top_p == 0 && !q->stop_count)) return;
    llmfi_bedrock_object(w, "inferenceConfig");
    if (q->max_tokens > 0) llmfi_jw_member_int(w, "maxTokens", q->max_tokens);
    if (q->temperature != 0) llmfi_jw_member_double(w, "temperature", q->temperature < 0 ? 0 : q->temperature);
    if (q->top_p != 0) llmfi_jw_member_double(w, "topP", q->top_p < 0 ? 0 : q->top_p);
    if (q->stop_count) {
        llmfi_jw_key(w, "stopSequences");
        llmfi_jw_strings(w, q->stop, q->stop_count);
    }
    llmfi_jw_object_end(w);
}

static void llmfi_bedrock_escape(void *user, const char *bytes, size_t len) {
    llmfi_jw_str_piece((llmfi_jw *)user, llmfi_str(bytes, len));
}

/* The schema is not JSON here but a text that holds it: what one writer writes is a string of the other. */
static void llmfi_bedrock_schema_text(const llmfi_node *schema, llmfi_jw *w) {
    llmfi_jw inner;
    llmfi_out o;
    llmfi_out_count(&o);
    o.tap = llmfi_bedrock_escape;
    o.tap_user = w;
    llmfi_jw_init(&inner, &o);
    llmfi_jw_str_begin(w);
    llmfi_jw_closed_schema(&inner, schema, false);
    llmfi_jw_str_end(w);
    if (inner.bad) w->bad = true;
}

static void llmfi_bedrock_format(const llmfi_ask *a, llmfi_jw *w) {
    if (!a->format || !LLMFI_BEDROCK_OWN(a, "outputConfig")) return;
    llmfi_bedrock_object(w, "outputConfig");
    llmfi_bedrock_object(w, "textFormat");
    llmfi_jw_member_lit(w, "type", "json_schema");
    llmfi_bedrock_object(w, "structure");
    llmfi_bedrock_object(w, "jsonSchema");
    llmfi_jw_member_lit(w, "name", "response");
    llmfi_jw_key(w, "schema");
    llmfi_bedrock_schema_text(a->format, w);
    llmfi_jw_object_end(w);
    llmfi_jw_object_end(w);
    llmfi_jw_object_end(w);
    llmfi_jw_object_end(w);
}

/* ---- parts ---- */

static void llmfi_bedrock_text(llmfi_jw *w, llmf_str text) {
    llmfi_jw_object(w);
    llmfi_jw_member_str(w, "text", text);
    llmfi_jw_object_end(w);
}

static void llmfi_bedrock_cache_point(llmfi_jw *w) {
    llmfi_jw_object(w);
    llmfi_bedrock_object(w, "cachePoint");
    llmfi_jw_member_lit(w, "type", "default");
    llmfi_jw_object_end(w);
    llmfi_jw_object_end(w);
}

static bool llmfi_bedrock_caches(const llmfi_ask *a) {
    return a->req->cache && llmfi_bedrock_quirk(a, LLMFI_Q_CACHE_POINTS);
}

#if LLMF_HAS_MEDIA

enum { LLMFI_BEDROCK_NOTHING, LLMFI_BEDROCK_IMAGE, LLMFI_BEDROCK_AUDIO, LLMFI_BEDROCK_VIDEO, LLMFI_BEDROCK_DOCUMENT };

/* What a media type comes to: which block, and its format there. */
static const struct {
    const char *media, *format;
    int kind;
} llmfi_bedrock_media[] = {
    { "image/png", "png", LLMFI_BEDROCK_IMAGE },
    { "image/jpeg", "jpeg", LLMFI_BEDROCK_IMAGE },
    { "image/jpg", "jpeg", LLMFI_BEDROCK_IMAGE },
    { "image/gif", "gif", LLMFI_BEDROCK_IMAGE },
    { "image/webp", "webp", LLMFI_BEDROCK_IMAGE },
    { "audio/mpeg", "mp3", LLMFI_BEDROCK_AUDIO },
    { "audio/mp3", "mp3", LLMFI_BEDROCK_AUDIO },
    { "audio/wav", "wav", LLMFI_BEDROCK_AUDIO },
    { "audio/x-wav", "wav", LLMFI_BEDROCK_AUDIO },
    { "audio/flac", "flac", LLMFI_BEDROCK_AUDIO },
    { "audio/ogg", "ogg", LLMFI_BEDROCK_AUDIO },
    { "audio/opus", "opus", LLMFI_BEDROCK_AUDIO },
    { "audio/aac", "aac", LLMFI_BEDROCK_AUDIO },
    { "audio/mp4", "m4a", LLMFI_BEDROCK_AUDIO },
    { "audio/m4a", "m4a", LLMFI_BEDROCK_AUDIO },
    { "audio/webm", "webm", LLMFI_BEDROCK_AUDIO },
    { "video/mp4", "mp4", LLMFI_BEDROCK_VIDEO },
    { "video/quicktime", "mov", LLMFI_BEDROCK_VIDEO },
    { "video/x-matroska", "mkv", LLMFI_BEDROCK_VIDEO },
    { "video/webm", "webm", LLMFI_BEDROCK_VIDEO },
    { "video/x-flv", "flv", LLMFI_BEDROCK_VIDEO },
    { "video/mpeg", "mpeg", LLMFI_BEDROCK_VIDEO },
    { "video/x-ms-wmv", "wmv", LLMFI_BEDROCK_VIDEO },
    { "video/3gpp", "three_gp", LLMFI_BEDROCK_VIDEO },
    { "application/pdf", "pdf", LLMFI_BEDROCK_DOCUMENT },
    { "text/csv", "csv", LLMFI_BEDROCK_DOCUMENT },
    { "application/msword", "doc", LLMFI_BEDROCK_DOCUMENT },
    { "application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx", LLMFI_BEDROCK_DOCUMENT },
    { "application/vnd.ms-excel", "xls", LLMFI_BEDROCK_DOCUMENT },
    { "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx", LLMFI_BEDROCK_DOCUMENT },
    { "text/html", "html", LLMFI_BEDROCK_DOCUMENT },
    { "text/markdown", "md", LLMFI_BEDROCK_DOCUMENT },
    { "text/plain", "txt", LLMFI_BEDROCK_DOCUMENT },
    { "application/json", "txt", LLMFI_BEDROCK_DOCUMENT },
};

typedef struct llmfi_bedrock_source {
    int kind;                                /* LLMFI_BEDROCK_NOTHING: it cannot be sent */
    const char *format;
    llmf_str base64, s3;                     /* one of them, or the part's bytes */
} llmfi_bedrock_source;

static llmfi_bedrock_source llmfi_bedrock_source_of(const llmf_part *p) {
    llmfi_bedrock_source s;
    llmf_part named = *p;
    llmf_str media, url = llmfi_cstr(p->url);
    size_t i;
    memset(&s, 0, sizeof s);
    if (p->url && !p->name) named.name = p->url;
    media = llmfi_part_media(&named);
    if (p->url && llmfi_starts(url, LLMFI_LIT("s3://"))) s.s3 = url;
    else if (p->url && !llmfi_data_url(url, &media, &s.base64)) return s;
    for (i = 0; i < LLMFI_COUNT(llmfi_bedrock_media); i++) {
        if (!llmfi_eq_nocase(media, llmfi_cstr(llmfi_bedrock_media[i].media))) continue;
        s.kind = llmfi_bedrock_media[i].kind;
        s.format = llmfi_bedrock_media[i].format;
        return s;
    }
    if (llmfi_starts(media, LLMFI_LIT("text/"))) {
        s.kind = LLMFI_BEDROCK_DOCUMENT;
        s.format = "txt";
    }
    return s;
}

static bool llmfi_bedrock_is_document(const llmf_part *p) {
    return p->type != LLMF_PART_TEXT && llmfi_bedrock_source_of(p).kind == LLMFI_BEDROCK_DOCUMENT;
}

/* Which document of the request this is, from 1: names must differ. */
static int64_t llmfi_bedrock_number(const llmfi_ask *a, const llmf_part *p) {
    int64_t n = 0;
    size_t i, k;
    for (i = 0; i < a->req->message_count; i++)
        for (k = 0; k < a->req->messages[i].part_count; k++) {
            if (llmfi_bedrock_is_document(&a->req->messages[i].parts[k])) n++;
            if (&a->req->messages[i].parts[k] == p) return n;
        }
    return n;
}

/* Letters, digits, blanks one at a time, - ( ) [ ]: Converse takes no others in a name, so no ending either. Behind the first document its number. */
static void llmfi_bedrock_name(const llmfi_ask *a, const llmf_part *p, llmfi_jw *w) {
    char name[LLMFI_BEDROCK_NAME];
    llmf_str s = llmfi_cstr(p->name && *p->name ? p->name : "document");
    llmfi_text t = llmfi_text_in(name, sizeof name - 24);
    int64_t number = llmfi_bedrock_number(a, p);
    size_t i, end = s.len;
    for (i = s.len; i-- > 1;)
        if (s.ptr[i] == '.') {
            end = i;
            break;
        }
    for (i = 0; i < end; i++) {
        char c = s.ptr[i];
        if (!llmfi_char_is(c, LLMFI_CHAR_ALNUM) && (!c || !llmfi_strchr("()[]", c))) c = llmfi_is_space(c) ? ' ' : '-';
        if (c != ' ' || (t.len && name[t.len - 1] != ' ')) llmfi_say(&t, llmfi_str(&c, 1));
    }
    t.cap = sizeof name;
    if (number > 1) {
        llmfi_say_c(&t, " ");
        llmfi_say_int(&t, number);
    }
    llmfi_jw_member_str(w, "name", llmfi_trim(llmfi_str(name, t.len)));
}

static void llmfi_bedrock_media_block(const llmfi_ask *a, const llmf_part *p, llmfi_jw *w) {
    static const char *const blocks[] = { "", "image", "audio", "video", "document" };
    llmfi_bedrock_source s = llmfi_bedrock_source_of(p);
    llmfi_jw_object(w);
    llmfi_bedrock_object(w, blocks[s.kind]);
    llmfi_jw_member_str(w, "format", llmfi_cstr(s.format));
    if (s.kind == LLMFI_BEDROCK_DOCUMENT) llmfi_bedrock_name(a, p, w);
    llmfi_bedrock_object(w, "source");
    if (s.s3.len) {
        llmfi_bedrock_object(w, "s3Location");
        llmfi_jw_member_str(w, "uri", s.s3);
        llmfi_jw_object_end(w);
    } else {
        llmfi_jw_key(w, "bytes");
        if (p->url) llmfi_jw_str(w, s.base64);
        else llmfi_jw_base64_string(w, llmfi_str("", 0), p->data, p->data_len);
    }
    llmfi_jw_object_end(w);
    llmfi_jw_object_end(w);
    llmfi_jw_object_end(w);
}

#else

static void llmfi_bedrock_media_block(const llmfi_ask *a, const llmf_part *p, llmfi_jw *w) {
    (void)a, (void)p, (void)w;
}

#endif

/* ---- messages ---- */

/* What a message says, its calls left out. */
static void llmfi_bedrock_said(const llmfi_ask *a, const llmf_message *m, llmfi_jw *w) {
    llmf_str content = llmfi_text_at(m->content, m->content_len);
    size_t i;
    if (content.len) llmfi_bedrock_text(w, content);
    for (i = 0; i < m->part_count; i++) {
        const llmf_part *p = &m->parts[i];
        if (llmfi_part_empty(p)) continue;
        if (p->type == LLMF_PART_TEXT) llmfi_bedrock_text(w, llmfi_text_at(p->text, p->text_len));
        else llmfi_bedrock_media_block(a, p, w);
    }
}

static void llmfi_bedrock_calls(const llmf_message *m, llmfi_jw *w) {
    size_t i;
    for (i = 0; i < m->tool_call_count; i++) {
        llmfi_jw_object(w);
        llmfi_bedrock_object(w, "toolUse");
        llmfi_jw_key(w, "toolUseId");
        llmfi_jw_id(w, m->tool_calls[i].id, "_.:-");
        llmfi_jw_member_str(w, "name", m->tool_calls[i].name);
        llmfi_jw_key(w, "input");
        llmfi_jw_arguments(w, &m->tool_calls[i]);
        llmfi_jw_object_end(w);
        llmfi_jw_object_end(w);
    }
}

static void llmfi_bedrock_result(const llmfi_ask *a, const llmf_message *m, llmfi_jw *w) {
    llmfi_jw_object(w);
    llmfi_bedrock_object(w, "toolResult");
    llmfi_jw_key(w, "toolUseId");
    llmfi_jw_id(w, m->tool_call_id, "_.:-");
    llmfi_jw_key(w, "content");
    llmfi_jw_array(w);
    llmfi_bedrock_said(a, m, w);
    llmfi_jw_array_end(w);
    if (m->is_error) llmfi_jw_member_lit(w, "status", "error");
    llmfi_jw_object_end(w);
    llmfi_jw_object_end(w);
}

/* Neighbours of one side are one message, as the API wants them to alternate. */
static void llmfi_bedrock_message(const llmfi_ask *a, size_t i, llmfi_jw *w) {
    const llmf_message *m = &a->req->messages[i];
    int side = llmfi_block_side(a, m, "bedrock"), next;
    if (side == LLMF_SYSTEM) return;
    next = llmfi_block_beside(a, i, true, "bedrock");
    if (llmfi_block_beside(a, i, false, "bedrock") != side) {
        llmfi_jw_object(w);
        llmfi_jw_member_str(w, "role", side == LLMF_USER ? LLMFI_LIT("user") : LLMFI_LIT("assistant"));
        llmfi_jw_key(w, "content");
        llmfi_jw_array(w);
    }
    llmfi_jw_items(w, llmfi_state_items(a, m, "bedrock")); /* reasoning comes first and unchanged, or the next turn is refused */
    if (m->role == LLMF_TOOL) llmfi_bedrock_result(a, m, w);
    else llmfi_bedrock_said(a, m, w);
    llmfi_bedrock_calls(m, w);
    if (next == side) return;
    if (next == LLMF_SYSTEM && llmfi_bedrock_caches(a)) llmfi_bedrock_cache_point(w);
    llmfi_jw_array_end(w);
    llmfi_jw_object_end(w);
}

/* ---- tools ---- */

static void llmfi_bedrock_tool(const llmfi_ask *a, size_t i, llmfi_jw *w) {
    const llmf_tool *t = &a->req->tools[i];
    llmfi_jw_object(w);
    llmfi_bedrock_object(w, "toolSpec");
    llmfi_jw_member_str(w, "name", llmfi_cstr(t->name));
    if (t->description && *t->description) llmfi_jw_member_str(w, "description", llmfi_cstr(t->description));
    llmfi_bedrock_object(w, "inputSchema");
    llmfi_jw_key(w, "json");
    if (a->schemas && a->schemas[i] && t->strict) llmfi_jw_closed_schema(w, a->schemas[i], false);
    else if (a->schemas && a->schemas[i]) llmfi_node_write(w, a->schemas[i]);
    else if (!LLMF_HAS_SCHEMA && t->parameters) llmfi_jw_raw(w, llmfi_cstr(t->parameters));
    else llmfi_jw_raw(w, LLMFI_LIT("{\"type\":\"object\"}"));
    llmfi_jw_object_end(w);
    if (t->strict && !llmfi_bedrock_quirk(a, LLMFI_Q_NO_STRICT)) llmfi_jw_member_bool(w, "strict", true);
    llmfi_jw_object_end(w);
    llmfi_jw_object_end(w);
}

static void llmfi_bedrock_choice(const llmf_request *q, llmfi_jw *w) {
    llmf_str choice = llmfi_cstr(q->tool_choice);
    if (!choice.len || LLMFI_IS(choice, "auto")) return;
    llmfi_bedrock_object(w, "toolChoice");
    llmfi_bedrock_object(w, LLMFI_IS(choice, "required") ? "any" : "tool");
    if (!LLMFI_IS(choice, "required")) llmfi_jw_member_str(w, "name", choice);
    llmfi_jw_object_end(w);
    llmfi_jw_object_end(w);
}

/* ---- the whole ---- */

static bool llmfi_bedrock_has_system(const llmfi_ask *a) {
    return LLMFI_BEDROCK_OWN(a, "system") && (a->req->system_len || llmfi_system_messages(a));
}

static void llmfi_bedrock_begin(const llmfi_ask *a, llmfi_jw *w) {
    llmfi_jw_object(w);
    llmfi_bedrock_inference(a, w);
    if (a->req->op != LLMF_OP_COUNT_TOKENS) llmfi_bedrock_format(a, w);
    llmfi_bedrock_fields(a, w);
    if (!llmfi_bedrock_has_system(a)) return;
    llmfi_jw_key(w, "system");
    llmfi_jw_array(w);
    if (a->req->system_len) llmfi_bedrock_text(w, llmfi_str(a->req->system, a->req->system_len));
}

/* Behind the system messages. */
static void llmfi_bedrock_messages(const llmfi_ask *a, llmfi_jw *w) {
    if (llmfi_bedrock_has_system(a)) {
        if (llmfi_bedrock_caches(a)) llmfi_bedrock_cache_point(w);
        llmfi_jw_array_end(w);
    }
    if (!LLMFI_BEDROCK_OWN(a, "messages")) return;
    llmfi_jw_key(w, "messages");
    llmfi_jw_array(w);
}

static void llmfi_bedrock_end(const llmfi_ask *a, bool tooled, llmfi_jw *w) {
    if (tooled) {
        llmfi_jw_array_end(w);
        llmfi_bedrock_choice(a->req, w);
        llmfi_jw_object_end(w);
    }
    llmfi_extra_write_but(a, w, LLMFI_BEDROCK_FIELDS);
    llmfi_jw_object_end(w);
}

/* Steps: the beginning; a system message each; `messages` opens; a message each; `toolConfig` opens; a tool each; the end. */
static bool llmfi_bedrock_body(const llmfi_ask *a, unsigned step, llmfi_jw *w) {
    size_t n = a->req->message_count, tools = a->req->tool_count, at = step;
    bool messages = LLMFI_BEDROCK_OWN(a, "messages"), tooled = tools && LLMFI_BEDROCK_OWN(a, "toolConfig");
    if (at == 0) {
        llmfi_bedrock_begin(a, w);
    } else if (at <= n) {
        if (a->req->messages[at - 1].role == LLMF_SYSTEM && llmfi_bedrock_has_system(a)) llmfi_bedrock_said(a, &a->req->messages[at - 1], w);
    } else if (at == n + 1) {
        llmfi_bedrock_messages(a, w);
    } else if ((at -= n + 2) < n) {
        if (messages) llmfi_bedrock_message(a, at, w);
    } else if ((at -= n) == 0) {
        if (messages) llmfi_jw_array_end(w);
        if (tooled) llmfi_bedrock_object(w, "toolConfig");
        if (tooled) llmfi_jw_key(w, "tools");
        if (tooled) llmfi_jw_array(w);
    } else if (at <= tools) {
        if (tooled) llmfi_bedrock_tool(a, at - 1, w);
    } else {
        llmfi_bedrock_end(a, tooled, w);
        return false;
    }
    return true;
}

/* ---- what cannot be asked ---- */

static void llmfi_bedrock_check_reasoning(const llmfi_ask *a, llmfi_refusal *no) {
    llmf_str word = llmfi_cstr(a->req->reasoning);
    const char *nova = llmfi_bedrock_nova(a);
    int64_t tokens;
    if (!word.len || LLMFI_IS(word, "none")) return;
    llmfi_claude_check_thinking(a, llmfi_bedrock_claude(a), llmfi_bedrock_max_tokens(a), no);
    if (llmfi_bedrock_quirk(a, LLMFI_Q_NO_REASONING))
        llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "reasoning", "this model cannot think before it answers; leave it out, or take another model");
    else if (!llmfi_bedrock_quirk(a, LLMFI_Q_THINKING_OBJECT | LLMFI_Q_REASONING_CONFIG | LLMFI_Q_THINKING_EFFORT) && !llmfi_extra(a, LLMFI_BEDROCK_FIELDS))
        llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "reasoning",
                     "how this model is asked for it is not known; set one of the quirks thinking_object, reasoning_config, thinking_effort, or give its own field "
                     "in extra.additionalModelRequestFields");
    if ((nova || llmfi_bedrock_effort(a)) && llmfi_reasoning_tokens(a->req->reasoning, &tokens))
        llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "reasoning", "this model takes no token budget; give low, medium or high");
    if (nova && llmfi_strcmp(nova, "high") == 0 && (a->req->temperature != 0 || a->req->top_p != 0 || a->req->max_tokens > 0))
        llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "reasoning", "at high this model takes neither temperature nor top_p nor max_tokens; leave them out, or give medium");
}

static void llmfi_bedrock_check_sampling(const llmfi_ask *a, llmfi_refusal *no) {
    const char *field = a->req->temperature != 0 ? "temperature" : a->req->top_p != 0 ? "top_p" : NULL;
    if (field && llmfi_bedrock_quirk(a, LLMFI_Q_NO_TEMPERATURE | LLMFI_Q_NO_SAMPLING))
        llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, field, "this model no longer takes it; leave it out, or take an older model");
    if (a->req->temperature > 1) llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "temperature", "Bedrock takes 0 to 1");
    if (llmfi_bedrock_claude(a).mode > LLMFI_THINK_OFF && a->req->temperature != 0 && a->req->temperature != 1)
        llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "temperature", "cannot be chosen while the model thinks; leave it or reasoning out");
}

#if LLMF_HAS_MEDIA
static void llmfi_bedrock_check_parts(const llmf_message *m, llmfi_refusal *no) {
    bool text = llmfi_text_at(m->content, m->content_len).len != 0, document = false;
    size_t i;
    for (i = 0; i < m->part_count; i++) {
        const llmf_part *p = &m->parts[i];
        if (p->type == LLMF_PART_TEXT && !llmfi_part_empty(p)) text = true;
        if (p->type == LLMF_PART_TEXT) continue;
        if (m->role != LLMF_USER && m->role != LLMF_TOOL)
            llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "messages.parts", "Bedrock takes media from users and tools only; move this one to a user message");
        if (llmfi_bedrock_source_of(p).kind == LLMFI_BEDROCK_NOTHING)
            llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "messages.parts",
                         "Bedrock takes png, jpeg, gif, webp, pdf, office files, text, audio and video, as data, path, data: or s3:// URL; set media_type, or fetch and convert it");
        document = document || llmfi_bedrock_is_document(p);
    }
    if (document && !text && m->role == LLMF_USER)
        llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "messages.content", "a message with a document needs a text as well: say what is to be done with it");
}
#else
static void llmfi_bedrock_check_parts(const llmf_message *m, llmfi_refusal *no) {
    (void)m, (void)no;
}
#endif

static void llmfi_bedrock_check_message(const llmfi_ask *a, const llmf_message *m, llmfi_refusal *no) {
    llmf_str blocks = llmfi_state_items(a, m, "bedrock");
    if (blocks.len && (blocks.ptr[0] != '[' || !llmfi_json_valid(blocks)))
        llmfi_refuse(no, LLMF_ERR_ARGUMENT, "messages.state", "is damaged: give it back whole, as the response had it, or leave it out");
    if (m->role != LLMF_TOOL && m->name.len)
        llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "messages.name", "Bedrock knows no names of who speaks; leave it out, or say it in the text");
    llmfi_bedrock_check_parts(m, no);
}

static void llmfi_bedrock_check(const llmfi_ask *a, llmfi_refusal *no) {
    const llmf_request *q = a->req;
    size_t i;
    if (llmfi_strays(a->model->model_id)) llmfi_refuse(no, LLMF_ERR_CONFIG, "model_id", "cannot stand in a URL; give the model's id or its ARN");
    llmfi_bedrock_check_sampling(a, no);
    llmfi_bedrock_check_reasoning(a, no);
    if (q->use_seed) llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "seed", "Bedrock has none; leave it out");
    if (q->parallel_tool_calls == LLMF_NO && q->tool_count)
        llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "parallel_tool_calls", "Bedrock cannot be kept to one call at a time; leave it out");
    if (LLMFI_IS(llmfi_cstr(q->tool_choice), "none")) llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "tool_choice", "Bedrock knows no none; leave the tools out");
    if (a->format ? llmfi_bedrock_quirk(a, LLMFI_Q_NO_SCHEMA) : q->format != NULL)
        llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "format",
                     a->format ? "this model takes no schema; ask for JSON in the prompt"
                               : "Bedrock has no JSON mode without a schema; give a JSON Schema, or ask for JSON in the prompt");
    for (i = 0; i < q->message_count && no->code == LLMF_OK; i++) llmfi_bedrock_check_message(a, &q->messages[i], no);
}

static void llmfi_bedrock_path(const llmfi_ask *a, llmfi_out *out) {
    LLMFI_PUT(out, "/model/");
    llmfi_put_url(out, a->model->model_id);
    if (a->req->stream) LLMFI_PUT(out, "/converse-stream");
    else LLMFI_PUT(out, "/converse");
}

static const llmfi_adapter llmfi_bedrock = {
    "bedrock",
    llmfi_bedrock_check,
    llmfi_bedrock_path,
    NULL,
    llmfi_bedrock_body,
    LLMF_FRAMING_JSON,
    LLMFI_FRAMING_EVENTSTREAM,
    llmfi_bedrock_frame,
    NULL
};

#endif
