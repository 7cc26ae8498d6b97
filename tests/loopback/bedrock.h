/* bedrock.h - Amazon Bedrock's Converse and ConverseStream (Amazon Bedrock API reference): a signed request, or a bearer key; JSON, or an event stream.
 * What was thought is sealed (answer.h): a block that is missing, changed, or stands at another place is refused. */
#ifndef LOOPBACK_BEDROCK_H
#define LOOPBACK_BEDROCK_H
#include "answer.h"
#include "aws.h"

#define BEDROCK_CALL "tooluse_"

static const char *bedrock_kind(int status) {
    static const struct { int status; const char *kind; } rows[] = { { 400, "ValidationException" }, { 403, "AccessDeniedException" }, { 404, "ResourceNotFoundException" },
        { 408, "ModelTimeoutException" }, { 424, "ModelErrorException" }, { 429, "ThrottlingException" }, { 503, "ServiceUnavailableException" } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) if (rows[i].status == status) return rows[i].kind;
    return status >= 500 ? "InternalServerException" : "ValidationException";
}
static void bedrock_error(exchange *x, int status, const char *param, const char *code, const char *message) {
    (void)param;
    start_reply(x, status, "application/json");
    say(&x->reply.body, "{\"message\":%q}", message);
    add_header(x, "x-amzn-RequestId: 00000000-0000-4000-8000-%d", (long)x->number);
    add_header(x, "x-amzn-ErrorType: %s:http://internal.amazon.com/coral/com.amazon.bedrock/", code ? code : bedrock_kind(status));
}
static int bedrock_auth(exchange *x) {
    const char *key = bearer_of(x);
    if (x->b.no_auth && !header(&x->req, "authorization")) return 1;
    if (!key) return aws_auth(x, "bedrock");
    return !is_bad_key(key) || fail(x, 403, NULL, "UnrecognizedClientException", "The security token included in the request is invalid.");
}

/* ---- reading: blocks ------------------------------------------------------------------------------------------ */
static int bedrock_bad(exchange *x, const char *where, const char *what) { return fail(x, 400, NULL, NULL, "The value at %s is invalid: %s", where, what); }

/* the members of an object are known ones */
static int bedrock_only(exchange *x, const json *o, const char *const *known, const char *where) {
    for (const json *m = o ? o->first : NULL; m && !x->b.lax; m = m->next)
        if (!is_known(known, m->key, m->nkey)) return fail(x, 400, NULL, NULL, "The value at %s has an unknown member: %v", where, m->key, m->nkey);
    return 1;
}
static int bedrock_media(exchange *x, const json *b, const char *kind) {
    static const char *const members[] = { "format", "name", "source", NULL }, *const images[] = { "png", "jpeg", "gif", "webp", NULL },
        *const documents[] = { "pdf", "csv", "doc", "docx", "xls", "xlsx", "html", "txt", "md", NULL };
    const json *source = json_get(b, "source"), *bytes = json_get(source, "bytes"), *name = json_get(b, "name");
    const char *format = json_text(json_get(b, "format"), "");
    int image = !strcmp(kind, "image");
    if (!bedrock_only(x, b, members, kind)) return 0;
    if (!is_known(image ? images : documents, format, strlen(format))) return bedrock_bad(x, kind, "format");
    if (!image && (!is_kind(name, J_STRING) || strspn(name->s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 -()[]") != name->n || strstr(name->s, "  ") || !name->n || name->n > 200))
        return bedrock_bad(x, kind, "name");
    x->ask.images += image;
    if (is_kind(json_get(json_get(source, "s3Location"), "uri"), J_STRING)) return 1;
    return (is_kind(bytes, J_STRING) && is_base64(bytes->s, bytes->n)) || bedrock_bad(x, kind, "source.bytes");
}
static const json *bedrock_find(const json *m, const char *kind, const char *id) {
    const json *c = json_get(m, "content");
    for (const json *b = is_kind(c, J_ARRAY) ? c->first : NULL; b; b = b->next) {
        const json *inner = json_get(b, kind);
        if (inner && (!id || is_text(json_get(inner, "toolUseId"), id))) return inner;
    }
    return NULL;
}
static int bedrock_use(exchange *x, const json *b, const json *m) {
    const char *id = json_text(json_get(b, "toolUseId"), NULL);
    if (!id || strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.:-") != strlen(id) || strlen(id) > 64) return bedrock_bad(x, "toolUse", "toolUseId");
    if (!is_kind(json_get(b, "name"), J_STRING) || !is_kind(json_get(b, "input"), J_OBJECT)) return bedrock_bad(x, "toolUse", "name and input are required");
    return bedrock_find(m->next, "toolResult", id) || fail(x, 400, NULL, NULL, "Expected toolResult blocks for the following Ids: %s", id);
}
static int bedrock_result(exchange *x, const json *b, const json *before) {
    const json *c = json_get(b, "content"), *status = json_get(b, "status");
    const char *id = json_text(json_get(b, "toolUseId"), "");
    if (!bedrock_find(before, "toolUse", id)) return fail(x, 400, NULL, NULL, "The toolResult block has no matching toolUse block: %s", id);
    if (status && !is_text(status, "success") && !is_text(status, "error")) return bedrock_bad(x, "toolResult", "status");
    if (!is_kind(c, J_ARRAY)) return bedrock_bad(x, "toolResult", "content is required");
    x->ask.has_result = 1;
    for (const json *p = c->first; p; p = p->next) {
        if (json_get(p, "text")) heard(&x->ask, &x->ask.result, json_get(p, "text"));
        else if (json_get(p, "image") ? !bedrock_media(x, json_get(p, "image"), "image") : !is_kind(json_get(p, "json"), J_OBJECT)) return bedrock_bad(x, "toolResult", "content");
    }
    return 1;
}
/* within: the block in which it stands */
static int bedrock_reasoning(exchange *x, const json *b, const json *within) {
    const json *inner = json_get(b, "reasoningText"), *text = json_get(inner, "text"), *after = within->next;
    char right[80];
    while (after && !json_get(after, "toolUse")) after = after->next;
    seal(is_kind(text, J_STRING) ? text->s : "", is_kind(text, J_STRING) ? text->n : 0, json_text(json_get(json_get(after, "toolUse"), "toolUseId"), BEDROCK_CALL), right);
    return is_text(json_get(inner, "signature"), right) || bedrock_bad(x, "reasoningContent", "Invalid `signature` in `thinking` block");
}
/* a turn that thought and called tools must come back with its thoughts first; with a budget also one with calls of others, if it is the one that goes on */
static int bedrock_order(exchange *x, const json *content, int budget, long i) {
    for (const json *b = content->first; b; b = b->next)
        if (json_get(b, "toolUse") && (budget || is_thought(json_text(json_get(json_get(b, "toolUse"), "toolUseId"), ""), BEDROCK_CALL)) && !json_get(content->first, "reasoningContent"))
            return fail(x, 400, NULL, NULL, "The model returned the following errors: messages.%d.content.0.type: Expected `thinking` or `redacted_thinking`, but found `%s`. When `thinking` is enabled, a "
                "final `assistant` message must start with a thinking block (preceeding the lastmost set of `tool_use` and `tool_result` blocks).", i, json_get(content->first, "text") ? "text" : "tool_use");
    return 1;
}
static int bedrock_block(exchange *x, const json *b, const json *m, const json *before) {
    int user = is_text(json_get(m, "role"), "user");
    const json *inner = is_kind(b, J_OBJECT) ? b->first : NULL;
    const char *kind = inner ? take_text(&x->mem, inner->key, inner->nkey) : "";
    if (!inner || inner->next) return bedrock_bad(x, "messages.content", "exactly one member must be set");
    if (!strcmp(kind, "text")) {
        if (!is_kind(inner, J_STRING) || !count_words(inner->s, inner->n)) return fail(x, 400, NULL, NULL, "The text field in the ContentBlock object is blank. Add text to the text field, and try again.");
        heard(&x->ask, user ? &x->ask.user : NULL, inner);
        return 1;
    }
    if (!strcmp(kind, "cachePoint")) return is_text(json_get(inner, "type"), "default") || bedrock_bad(x, "cachePoint", "type");
    if (user && (!strcmp(kind, "image") || !strcmp(kind, "document"))) return bedrock_media(x, inner, kind);
    if (user && !strcmp(kind, "toolResult")) return bedrock_result(x, inner, before);
    if (!user && !strcmp(kind, "toolUse")) return bedrock_use(x, inner, m);
    if (!user && !strcmp(kind, "reasoningContent")) return bedrock_reasoning(x, inner, b);
    return fail(x, 400, NULL, NULL, "The content block %s is not allowed in a message of role %s", kind, user ? "user" : "assistant");
}
static int bedrock_messages(exchange *x) {
    static const char *const members[] = { "role", "content", NULL };
    const json *all = json_get(x->body, "messages"), *before = NULL, *last = NULL;
    ask *a = &x->ask;
    int budget = is_text(json_get(json_get(json_get(x->body, "additionalModelRequestFields"), "thinking"), "type"), "enabled"), current = 0;
    long i = 0;
    if (!is_kind(all, J_ARRAY) || !all->first) return bedrock_bad(x, "messages", "at least one is required");
    for (const json *m = all->first; m; m = m->next) if (is_text(json_get(m, "role"), "user") && !bedrock_find(m, "toolResult", NULL)) last = m;
    for (const json *m = all->first; m; before = m, m = m->next, i++) {
        const json *c = json_get(m, "content");
        int user = is_text(json_get(m, "role"), "user");
        if (!bedrock_only(x, m, members, "messages")) return 0;
        if (!user && !is_text(json_get(m, "role"), "assistant")) return bedrock_bad(x, "messages.role", "must be user or assistant");
        if (!before && !user) return fail(x, 400, NULL, NULL, "A conversation must start with a user message. Try again with a conversation that starts with a user message.");
        if (before && is_text(json_get(before, "role"), user ? "user" : "assistant")) return fail(x, 400, NULL, NULL, "messages: roles must alternate between \"user\" and \"assistant\"");
        if (!is_kind(c, J_ARRAY) || !c->first) return fail(x, 400, NULL, NULL, "The content field in the Message object is empty. Add a ContentBlock object to the content field and try again.");
        current |= m == last;
        if (!bedrock_order(x, c, budget && current, i)) return 0;
        a->has_result = 0; a->result.n = 0;
        size_t old = a->user.n;                                          /* results alone leave the text that asked for them */
        for (const json *b = c->first; b; b = b->next) if (!bedrock_block(x, b, m, before)) return 0;
        if (old && a->user.n > old) { memmove(a->user.p, a->user.p + old + 1, a->user.n - old - 1); a->user.n -= old + 1; }
    }
    return 1;
}

/* ---- reading: the rest ---------------------------------------------------------------------------------------- */
static int bedrock_system(exchange *x) {
    const json *s = json_get(x->body, "system");
    if (!s) return 1;
    if (!is_kind(s, J_ARRAY)) return bedrock_bad(x, "system", "must be a list");
    for (const json *b = s->first; b; b = b->next) {
        if (json_get(b, "cachePoint")) continue;
        if (!is_kind(json_get(b, "text"), J_STRING) || !json_get(b, "text")->n) return bedrock_bad(x, "system", "text is required");
        heard(&x->ask, NULL, json_get(b, "text"));
    }
    return 1;
}
static int bedrock_choice(exchange *x, const json *choice) {
    ask *a = &x->ask;
    const json *named = json_get(json_get(choice, "tool"), "name");
    if (is_null(choice)) return 1;
    if (!is_kind(choice, J_OBJECT) || !choice->first || choice->first->next) return bedrock_bad(x, "toolConfig.toolChoice", "exactly one member must be set");
    if (json_get(choice, "auto")) return 1;
    a->choice = json_get(choice, "any") ? CHOICE_REQUIRED : CHOICE_NAMED;
    if (a->choice == CHOICE_REQUIRED) return 1;
    a->chosen = json_text(named, "");
    for (int i = 0; i < a->ntools; i++) if (!strcmp(a->tools[i].name, a->chosen)) return 1;
    return bedrock_bad(x, "toolConfig.toolChoice", "names no tool");
}
static int bedrock_tools(exchange *x) {
    static const char *const members[] = { "tools", "toolChoice", NULL }, *const spec[] = { "name", "description", "inputSchema", "strict", NULL };
    const json *config = json_get(x->body, "toolConfig"), *all = json_get(config, "tools");
    ask *a = &x->ask;
    if (!config) {
        for (const json *m = json_get(x->body, "messages")->first; m; m = m->next)
            if (bedrock_find(m, "toolUse", NULL)) return fail(x, 400, NULL, NULL, "The toolConfig field must be defined when using toolUse and toolResult content blocks.");
        return 1;
    }
    if (!bedrock_only(x, config, members, "toolConfig")) return 0;
    if (!is_kind(all, J_ARRAY) || !all->first) return bedrock_bad(x, "toolConfig.tools", "at least one is required");
    for (const json *t = all->first; t; t = t->next) {
        const json *s = json_get(t, "toolSpec"), *name = json_get(s, "name"), *schema = json_get(json_get(s, "inputSchema"), "json");
        if (!bedrock_only(x, s, spec, "toolSpec")) return 0;
        if (!is_kind(name, J_STRING) || !is_name(name->s, name->n, 64)) return bedrock_bad(x, "toolSpec.name", "must be a name");
        if (!is_kind(schema, J_OBJECT) || !is_text(json_get(schema, "type"), "object")) return bedrock_bad(x, "toolSpec.inputSchema.json.type", "must be one of the following: object.");
        if (a->ntools == MAX_TOOLS) return bedrock_bad(x, "toolConfig.tools", "too many for this test server");
        a->tools[a->ntools].name = name->s; a->tools[a->ntools++].schema = schema;
    }
    return bedrock_choice(x, json_get(config, "toolChoice"));
}
static int bedrock_inference(exchange *x) {
    static const char *const members[] = { "maxTokens", "temperature", "topP", "stopSequences", NULL };
    const json *c = json_get(x->body, "inferenceConfig"), *max = json_get(c, "maxTokens"), *stops = json_get(c, "stopSequences");
    if (!c) return 1;
    if (!bedrock_only(x, c, members, "inferenceConfig")) return 0;
    for (int i = 1; i < 3; i++) {
        const json *v = json_get(c, members[i]);
        if (v && (!is_kind(v, J_NUMBER) || v->number < 0 || v->number > 1)) return bedrock_bad(x, members[i], "must be from 0 to 1");
    }
    if (max && (!is_whole(max) || max->number < 1)) return bedrock_bad(x, "maxTokens", "must be at least 1");
    if (max) x->ask.max_tokens = (long)max->number;
    for (const json *s = is_kind(stops, J_ARRAY) ? stops->first : NULL; s; s = s->next) {
        if (!is_kind(s, J_STRING) || x->ask.nstops == MAX_STOPS) return bedrock_bad(x, "stopSequences", "too many for this test server");
        x->ask.stops[x->ask.nstops++] = s->s;
    }
    return 1;
}
static int bedrock_format(exchange *x) {
    const json *f = json_get(json_get(x->body, "outputConfig"), "textFormat"), *text = json_get(json_get(json_get(f, "structure"), "jsonSchema"), "schema");
    const char *why; size_t where;
    if (!f) return 1;
    if (!is_text(json_get(f, "type"), "json_schema") || !is_kind(text, J_STRING)) return bedrock_bad(x, "outputConfig.textFormat", "jsonSchema.schema must be a text");
    x->ask.want_json = 1;
    x->ask.schema = json_parse(&x->mem, text->s, text->n, &why, &where);
    return is_kind(x->ask.schema, J_OBJECT) || bedrock_bad(x, "outputConfig.textFormat", why);
}
static void bedrock_model(exchange *x) {
    const char *s = strstr(x->path, "/model/") + 7, *e = strchr(s, '/');
    char *to = take_text(&x->mem, s, (size_t)(e - s)), *o = to;
    for (const char *p = to; *p; p++) {
        unsigned v;
        if (*p == '%' && sscanf(p + 1, "%2x", &v) == 1) { *o++ = (char)v; p += 2; } else *o++ = *p;
    }
    *o = 0;
    x->ask.model = to;
}
static int bedrock_read(exchange *x) {
    static const char *const known[] = { "messages", "system", "inferenceConfig", "toolConfig", "outputConfig", "additionalModelRequestFields", "guardrailConfig", "requestMetadata",
        "additionalModelResponseFieldPaths", "performanceConfig", "serviceTier", "promptVariables", NULL };
    const char *why = "it is not an object"; size_t where = 0;
    if (!is_json_type(x)) return fail(x, 415, NULL, NULL, "unsupported content type");
    bedrock_model(x);
    if (is_missing_model(x->ask.model)) return fail(x, 400, NULL, NULL, "The provided model identifier is invalid.");
    x->body = json_parse(&x->mem, x->req.body, x->req.nbody, &why, &where);
    if (!is_kind(x->body, J_OBJECT)) return fail(x, 400, NULL, "SerializationException", "%s at byte %d", why, (long)where);
    x->ask.stream = strstr(x->path, "/converse-stream") != NULL;
    x->ask.choices = 1;
    x->ask.think = is_kind(json_get(json_get(x->body, "additionalModelRequestFields"), "thinking"), J_OBJECT);
    return bedrock_only(x, x->body, known, "the request") && bedrock_system(x) && bedrock_inference(x) && bedrock_messages(x) && bedrock_tools(x) && bedrock_format(x);
}

/* ---- writing -------------------------------------------------------------------------------------------------- */
static const char *bedrock_finish(const exchange *x) {
    static const char *const names[] = { "end_turn", "max_tokens", "tool_use", "stop_sequence", "content_filtered" };
    return x->b.finish[0] ? x->b.finish : names[x->answer.finish];
}
static void bedrock_usage(exchange *x, buf *o) {
    const answer *w = &x->answer;
    say(o, "\"usage\":{\"inputTokens\":%d,\"outputTokens\":%d,\"totalTokens\":%d,\"cacheReadInputTokens\":%d,\"cacheWriteInputTokens\":0},\"metrics\":{\"latencyMs\":12}",
        w->in - w->cached, w->out, w->in + w->out, w->cached);
}
static void bedrock_unary(exchange *x) {
    const answer *w = &x->answer;
    const buf *t = &w->text.text, *r = &w->reasoning.text;
    buf *o = &x->reply.body;
    char signature[80];
    start_reply(x, 200, "application/json");
    add_header(x, "x-amzn-RequestId: 00000000-0000-4000-8000-%d", (long)x->number);
    seal_answer(x, BEDROCK_CALL, signature);
    put_text(o, "{\"metrics\":{\"latencyMs\":12},\"output\":{\"message\":{\"content\":[");
    if (r->n) say(o, "{\"reasoningContent\":{\"reasoningText\":{\"signature\":%q,\"text\":%j}}}%s", signature, r->p, r->n, w->ncalls || t->n ? "," : "");
    if (!w->ncalls) say(o, "{\"text\":%j}", t->p ? t->p : "", t->n);
    for (int i = 0; i < w->ncalls; i++)
        say(o, "%s{\"toolUse\":{\"input\":%v,\"name\":%q,\"toolUseId\":\"" BEDROCK_CALL "%s\"}}", i ? "," : "", w->calls[i].args.n ? w->calls[i].args.p : "{}", w->calls[i].args.n ? w->calls[i].args.n : (size_t)2,
            w->calls[i].name, w->calls[i].id);
    say(o, "],\"role\":\"assistant\"}},\"stopReason\":%q,", bedrock_finish(x));
    bedrock_usage(x, o);
    put_char(o, '}');
}
/* one event; f says its members besides the padding */
static void bedrock_event(exchange *x, const char *type, const char *f, ...) {
    buf o = { 0 };
    va_list ap;
    o.ascii = x->b.escape;
    put_char(&o, '{');
    va_start(ap, f);
    say_list(&o, f, ap);
    va_end(ap);
    say(&o, ",\"p\":%j}", "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", (size_t)(1 + x->reply.body.n % 60));
    aws_frame(x, "event", type, &o);
    buf_free(&o);
}
/* a block in its pieces; 0: the stream ends early */
static int bedrock_deltas(exchange *x, const pieces *p, const char *f, long index, int may_end) {
    size_t n; const char *s;
    for (int i = 0; i <= p->n; i++) {
        if (may_end && mid_stream(x, i == p->n && i < 2 ? 2 : i)) return 0;
        if (i == p->n) break;
        s = piece(p, i, &n);
        bedrock_event(x, "contentBlockDelta", f, index, s, n);
    }
    return 1;
}
static void bedrock_stream_call(exchange *x, const call *c, long index) {
    pieces p = { { 0, 0, 0, 0 }, NULL, 0 };
    bedrock_event(x, "contentBlockStart", "\"contentBlockIndex\":%d,\"start\":{\"toolUse\":{\"name\":%q,\"toolUseId\":\"" BEDROCK_CALL "%s\"}}", index, c->name, c->id);
    cut_evenly(&p, c->args.p, c->args.n, x->b.whole_calls ? c->args.n + 1 : 5);
    bedrock_deltas(x, &p, "\"contentBlockIndex\":%d,\"delta\":{\"toolUse\":{\"input\":%j}}", index, 0);
    bedrock_event(x, "contentBlockStop", "\"contentBlockIndex\":%d", index);
    buf_free(&p.text); free(p.end);
}
static void bedrock_stream(exchange *x) {
    const answer *w = &x->answer;
    long index = 0;
    buf o = { 0 };
    char signature[80];
    add_header(x, "x-amzn-RequestId: 00000000-0000-4000-8000-%d", (long)x->number);
    bedrock_event(x, "messageStart", "\"role\":\"assistant\"");
    seal_answer(x, BEDROCK_CALL, signature);
    if (w->reasoning.n) {
        bedrock_deltas(x, &w->reasoning, "\"contentBlockIndex\":%d,\"delta\":{\"reasoningContent\":{\"text\":%j}}", index, 0);
        bedrock_event(x, "contentBlockDelta", "\"contentBlockIndex\":%d,\"delta\":{\"reasoningContent\":{\"signature\":%q}}", index, signature);
        bedrock_event(x, "contentBlockStop", "\"contentBlockIndex\":%d", index++);
    }
    if (w->ncalls && mid_stream(x, 2)) return;
    for (int i = 0; i < w->ncalls; i++) bedrock_stream_call(x, &w->calls[i], index++);
    if (!w->ncalls) {
        if (!bedrock_deltas(x, &w->text, "\"contentBlockIndex\":%d,\"delta\":{\"text\":%j}", index, 1)) return;
        bedrock_event(x, "contentBlockStop", "\"contentBlockIndex\":%d", index);
    }
    if (x->b.no_terminal) return;
    bedrock_event(x, "messageStop", "\"stopReason\":%q", bedrock_finish(x));
    if (x->b.no_done) return;
    bedrock_usage(x, &o);
    bedrock_event(x, "metadata", "%v", o.p, o.n);
    buf_free(&o);
}
static void bedrock_stream_error(exchange *x) {
    buf o = { 0 };
    put_text(&o, "{\"message\":\"The system encountered an unexpected error during processing. Try your request again.\"}");
    aws_frame(x, "exception", "internalServerException", &o);
    buf_free(&o);
}
static const dialect bedrock_dialect = { "bedrock", "application/vnd.amazon.eventstream", bedrock_auth, bedrock_read, bedrock_unary, bedrock_stream, bedrock_stream_error, bedrock_error };
#endif
