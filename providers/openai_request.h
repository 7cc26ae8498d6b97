/* What the two APIs of OpenAI ask alike: Chat Completions and Responses. Where the one puts members into an object inside an object, the other has them
   in the outer one: `flat`. */
#ifndef LLMFI_PROVIDERS_OPENAI_REQUEST_H
#define LLMFI_PROVIDERS_OPENAI_REQUEST_H
#include "common.h"

/* Whether the model has that quirk, or one of them. A test of one byte: as a call it would be longer. */
#define llmfi_openai_quirk(a, quirk) (((a)->model->quirks & (uint32_t)(quirk) & LLMFI_QUIRKS_MET) != 0)

/* Whether the request's extra leaves that member to us. */
#define LLMFI_OPENAI_OURS(a, name) (!llmfi_extra((a), LLMFI_LIT(name)))

/* ---- what cannot be said ---- */

static bool llmfi_openai_wants_json(const llmfi_ask *a) {
    return a->format || (a->req->format && llmfi_strcmp(a->req->format, "json") == 0);
}

/* 1 is what models that refuse these settings do anyway. */
static LLMFI_SHORT bool llmfi_openai_asks(double setting) {
    return setting != 0 && setting != 1;
}

static void llmfi_openai_check_sampling(const llmfi_ask *a, llmfi_refusal *f) {
    const llmf_request *q = a->req;
    if (!llmfi_openai_quirk(a, LLMFI_Q_NO_SAMPLING)) return;
    if (llmfi_openai_asks(q->temperature))
        llmfi_refuse(f, LLMF_ERR_UNSUPPORTED, "temperature", "this model takes none; leave it out, or take another model");
    if (llmfi_openai_asks(q->top_p)) llmfi_refuse(f, LLMF_ERR_UNSUPPORTED, "top_p", "this model takes none; leave it out, or take another model");
    if (q->stop_count) llmfi_refuse(f, LLMF_ERR_UNSUPPORTED, "stop", "this model takes none; leave them out, or take another model");
}

/* What the members of both cannot say. */
static void llmfi_openai_check_common(const llmfi_ask *a, llmfi_refusal *f) {
    const llmf_request *q = a->req;
    llmfi_openai_check_sampling(a, f);
    if (llmfi_openai_wants_json(a) && llmfi_openai_quirk(a, LLMFI_Q_NO_JSON_MODE))
        llmfi_refuse(f, LLMF_ERR_UNSUPPORTED, "format", "this provider knows neither JSON mode nor schemas; ask for JSON in the prompt");
    if (q->parallel_tool_calls == LLMF_NO && q->tool_count && llmfi_openai_quirk(a, LLMFI_Q_NO_PARALLEL_FIELD))
        llmfi_refuse(f, LLMF_ERR_UNSUPPORTED, "parallel_tool_calls", "this provider cannot be told; leave it out");
    if (llmfi_extra(a, LLMFI_LIT("stream")))
        llmfi_refuse(f, LLMF_ERR_ARGUMENT, "extra.stream", "set the request's own stream instead: it also says how the reply is read");
}

#if LLMF_HAS_SCHEMA
/* ---- schemas ---- */

/* Keywords whose value is a schema, a list of schemas, or a mapping of names to schemas; and those that strict mode refuses (OpenAI, structured outputs). */
enum { LLMFI_OPENAI_VALUE, LLMFI_OPENAI_SCHEMA, LLMFI_OPENAI_NAMED, LLMFI_OPENAI_REFUSED };

static int llmfi_openai_keyword(llmf_str key) {
    static const struct {
        const char *key;
        int kind;
    } words[] = {
        { "properties", LLMFI_OPENAI_NAMED }, { "$defs", LLMFI_OPENAI_NAMED }, { "definitions", LLMFI_OPENAI_NAMED }, { "items", LLMFI_OPENAI_SCHEMA },
        { "anyOf", LLMFI_OPENAI_SCHEMA }, { "additionalProperties", LLMFI_OPENAI_SCHEMA }, { "allOf", LLMFI_OPENAI_REFUSED },
        { "oneOf", LLMFI_OPENAI_REFUSED }, { "not", LLMFI_OPENAI_REFUSED }, { "if", LLMFI_OPENAI_REFUSED }, { "then", LLMFI_OPENAI_REFUSED },
        { "else", LLMFI_OPENAI_REFUSED }, { "dependentRequired", LLMFI_OPENAI_REFUSED }, { "dependentSchemas", LLMFI_OPENAI_REFUSED },
        { "patternProperties", LLMFI_OPENAI_REFUSED }, { "propertyNames", LLMFI_OPENAI_REFUSED }, { "unevaluatedProperties", LLMFI_OPENAI_REFUSED },
        { "minProperties", LLMFI_OPENAI_REFUSED }, { "maxProperties", LLMFI_OPENAI_REFUSED }, { "uniqueItems", LLMFI_OPENAI_REFUSED },
        { "contains", LLMFI_OPENAI_REFUSED }, { "minContains", LLMFI_OPENAI_REFUSED }, { "maxContains", LLMFI_OPENAI_REFUSED },
        { "prefixItems", LLMFI_OPENAI_REFUSED }, { "unevaluatedItems", LLMFI_OPENAI_REFUSED }
    };
    size_t i;
    for (i = 0; i < LLMFI_COUNT(words); i++)
        if (llmfi_eq(key, llmfi_cstr(words[i].key))) return words[i].kind;
    return LLMFI_OPENAI_VALUE;
}

static bool llmfi_openai_has(const llmfi_node *list, llmf_str text) {
    const llmfi_node *n = list && list->type == LLMFI_ARRAY ? list->child : NULL;
    while (n && !(n->type == LLMFI_STRING && llmfi_eq(n->text, text))) n = n->next;
    return n != NULL;
}

/* An object's schema that closes itself to members it does not name only when told. */
static bool llmfi_openai_open(const llmfi_node *schema) {
    return schema->type == LLMFI_OBJECT && llmfi_member(schema, LLMFI_LIT("properties")) && !llmfi_member(schema, LLMFI_LIT("additionalProperties"));
}

/* One schema by itself: strict mode asks for a type, each property required, and no member beyond. */
static bool llmfi_openai_strict_one(const llmfi_node *s) {
    const llmfi_node *type = llmfi_member(s, LLMFI_LIT("type")), *properties = llmfi_member(s, LLMFI_LIT("properties")), *n;
    const llmfi_node *more = llmfi_member(s, LLMFI_LIT("additionalProperties")), *required = llmfi_member(s, LLMFI_LIT("required"));
    bool object = properties || (type && (llmfi_eq(type->text, LLMFI_LIT("object")) || llmfi_openai_has(type, LLMFI_LIT("object"))));
    if (s->type != LLMFI_OBJECT) return false;
    if (!type && !llmfi_member(s, LLMFI_LIT("anyOf")) && !llmfi_member(s, LLMFI_LIT("$ref")) && !llmfi_member(s, LLMFI_LIT("enum"))
        && !llmfi_member(s, LLMFI_LIT("const"))) return false;
    if (object && ((more ? more->type != LLMFI_FALSE : !properties))) return false;
    for (n = properties ? properties->child : NULL; n; n = n->next)
        if (!llmfi_openai_has(required, n->key)) return false;
    for (n = s->child; n; n = n->next)
        if (llmfi_openai_keyword(n->key) == LLMFI_OPENAI_REFUSED) return false;
    return true;
}

/* The schema and all inside it. Recursion is bounded by the reader's LLMF_MAX_DEPTH. */
static bool llmfi_openai_strict(const llmfi_node *s) {
    const llmfi_node *n, *inner;
    if (!llmfi_openai_strict_one(s)) return false;
    for (n = s->child; n; n = n->next) {
        int kind = llmfi_openai_keyword(n->key);
        if (kind == LLMFI_OPENAI_SCHEMA && n->type == LLMFI_OBJECT && !llmfi_openai_strict(n)) return false;
        if (kind == LLMFI_OPENAI_NAMED || (kind == LLMFI_OPENAI_SCHEMA && n->type == LLMFI_ARRAY))
            for (inner = n->child; inner; inner = inner->next)
                if (!llmfi_openai_strict(inner)) return false;
    }
    return true;
}

/* At the root strict mode asks for an object. */
static bool llmfi_openai_strict_root(const llmfi_node *s) {
    const llmfi_node *type = llmfi_member(s, LLMFI_LIT("type"));
    return type && type->type == LLMFI_STRING && LLMFI_IS(type->text, "object") && llmfi_openai_strict(s);
}

static void llmfi_openai_schema(llmfi_jw *w, const llmfi_node *s);

/* The value of a keyword that holds schemas. */
static void llmfi_openai_schemas(llmfi_jw *w, const llmfi_node *n, bool named) {
    const llmfi_node *inner;
    if (n->type == LLMFI_ARRAY) {
        llmfi_jw_array(w);
        for (inner = n->child; inner; inner = inner->next) llmfi_openai_schema(w, inner);
        llmfi_jw_array_end(w);
    } else if (named && n->type == LLMFI_OBJECT) {
        llmfi_jw_object(w);
        for (inner = n->child; inner; inner = inner->next) {
            llmfi_jw_key_str(w, inner->key);
            llmfi_openai_schema(w, inner);
        }
        llmfi_jw_object_end(w);
    } else {
        llmfi_openai_schema(w, n);
    }
}

/* The schema as it is, each object in it closed to members it does not name, as strict mode wants it said. */
static void llmfi_openai_schema(llmfi_jw *w, const llmfi_node *s) {
    const llmfi_node *n;
    if (s->type != LLMFI_OBJECT) {
        llmfi_node_write(w, s);
        return;
    }
    llmfi_jw_object(w);
    for (n = s->child; n; n = n->next) {
        int kind = llmfi_openai_keyword(n->key);
        llmfi_jw_key_str(w, n->key);
        if (kind == LLMFI_OPENAI_SCHEMA || kind == LLMFI_OPENAI_NAMED) llmfi_openai_schemas(w, n, kind == LLMFI_OPENAI_NAMED);
        else llmfi_node_write(w, n);
    }
    if (llmfi_openai_open(s)) llmfi_jw_member_bool(w, "additionalProperties", false);
    llmfi_jw_object_end(w);
}

/* A name as the API allows it, from the schema's title: letters, digits, _ and -, at most 64. */
static void llmfi_openai_schema_name(llmfi_jw *w, const llmfi_node *schema) {
    const llmfi_node *title = llmfi_member(schema, LLMFI_LIT("title"));
    char name[64];
    size_t i, n = 0;
    for (i = 0; title && title->type == LLMFI_STRING && i < title->text.len && n < sizeof name; i++) {
        char c = title->text.ptr[i], l = llmfi_lower(c);
        if ((l >= 'a' && l <= 'z') || llmfi_is_digit(c) || c == '_' || c == '-') name[n++] = c;
        else if (n && name[n - 1] != '_') name[n++] = '_';
    }
    llmfi_jw_member_str(w, "name", n ? llmfi_str(name, n) : LLMFI_LIT("response"));
}
#endif

/* {"type":"json_schema", …} or {"type":"json_object"} */
static void llmfi_openai_format(const llmfi_ask *a, llmfi_jw *w, bool flat) {
#if LLMF_HAS_SCHEMA
    bool schema = a->format && !llmfi_openai_quirk(a, LLMFI_Q_NO_SCHEMA), strict = schema && llmfi_openai_strict_root(a->format);
    llmfi_jw_object(w);
    llmfi_jw_member_str(w, "type", schema ? LLMFI_LIT("json_schema") : LLMFI_LIT("json_object"));
    if (schema) {
        if (!flat) llmfi_jw_key(w, "json_schema");
        if (!flat) llmfi_jw_object(w);
        llmfi_openai_schema_name(w, a->format);
        llmfi_jw_member_bool(w, "strict", strict);
        llmfi_jw_key(w, "schema");
        if (strict) llmfi_openai_schema(w, a->format);
        else llmfi_node_write(w, a->format);
        if (!flat) llmfi_jw_object_end(w);
    }
    llmfi_jw_object_end(w);
#else
    (void)a, (void)flat;
    llmfi_jw_raw(w, LLMFI_LIT("{\"type\":\"json_object\"}"));
#endif
}

/* ---- members ---- */

static void llmfi_openai_sampling(const llmfi_ask *a, llmfi_jw *w) {
    const llmf_request *q = a->req;
    if (llmfi_openai_quirk(a, LLMFI_Q_NO_SAMPLING)) return;
    if (q->temperature != 0 && LLMFI_OPENAI_OURS(a, "temperature")) llmfi_jw_member_double(w, "temperature", q->temperature < 0 ? 0 : q->temperature);
    if (q->top_p != 0 && LLMFI_OPENAI_OURS(a, "top_p")) llmfi_jw_member_double(w, "top_p", q->top_p < 0 ? 0 : q->top_p);
    if (q->stop_count && LLMFI_OPENAI_OURS(a, "stop")) {
        llmfi_jw_key(w, "stop");
        llmfi_jw_strings(w, q->stop, q->stop_count);
    }
}

static const char *llmfi_openai_system_role(const llmfi_ask *a) {
    return llmfi_openai_quirk(a, LLMFI_Q_SYSTEM_AS_USER) ? "user" : llmfi_openai_quirk(a, LLMFI_Q_DEVELOPER_ROLE) ? "developer" : "system";
}

static void llmfi_openai_tool(const llmfi_ask *a, llmfi_jw *w, size_t at, bool flat) {
    const llmf_tool *t = &a->req->tools[at];
    bool strict = LLMF_HAS_SCHEMA && t->strict;
#if LLMF_HAS_SCHEMA
    const llmfi_node *schema = a->schemas ? a->schemas[at] : NULL;
#endif
    llmfi_jw_object(w);
    if (flat) llmfi_jw_member_lit(w, "type", "function");
    else llmfi_jw_function_begin(w);
    llmfi_jw_member_cstr(w, "name", t->name);
    if (t->description && *t->description) llmfi_jw_member_cstr(w, "description", t->description);
    llmfi_jw_key(w, "parameters");
#if !LLMF_HAS_SCHEMA
    llmfi_jw_raw(w, t->parameters ? llmfi_cstr(t->parameters) : LLMFI_LIT("{\"type\":\"object\",\"properties\":{}}"));
#else
    if (!schema && strict) llmfi_jw_raw(w, LLMFI_LIT("{\"type\":\"object\",\"properties\":{},\"additionalProperties\":false}"));
    else if (!schema) llmfi_jw_raw(w, LLMFI_LIT("{\"type\":\"object\",\"properties\":{}}"));
    else if (strict) llmfi_openai_schema(w, schema);
    else llmfi_node_write(w, schema);
#endif
    if ((strict || flat) && !llmfi_openai_quirk(a, LLMFI_Q_NO_STRICT)) llmfi_jw_member_bool(w, "strict", strict); /* Responses takes no word for yes */
    if (!flat) llmfi_jw_object_end(w);
    llmfi_jw_object_end(w);
}

static void llmfi_openai_tool_choice(const llmfi_ask *a, llmfi_jw *w, bool flat) {
    const char *choice = a->req->tool_choice;
    if (!choice || !*choice || !LLMFI_OPENAI_OURS(a, "tool_choice")) return;
    llmfi_jw_key(w, "tool_choice");
    if (llmfi_word_in("required\0auto\0none\0", llmfi_cstr(choice)) >= 0) {
        llmfi_jw_str(w, llmfi_cstr(*choice == 'r' && llmfi_openai_quirk(a, LLMFI_Q_TOOL_ANY) ? "any" : choice));
    } else {
        llmfi_jw_object(w);
        if (flat) llmfi_jw_member_lit(w, "type", "function");
        else llmfi_jw_function_begin(w);
        llmfi_jw_member_cstr(w, "name", choice);
        if (!flat) llmfi_jw_object_end(w);
        llmfi_jw_object_end(w);
    }
}

static void llmfi_openai_tail(const llmfi_ask *a, llmfi_jw *w, bool flat) {
    const llmf_request *q = a->req;
    if (q->tool_count) {
        llmfi_openai_tool_choice(a, w, flat);
        if (q->parallel_tool_calls != LLMF_UNSET && !llmfi_openai_quirk(a, LLMFI_Q_NO_PARALLEL_FIELD) && LLMFI_OPENAI_OURS(a, "parallel_tool_calls"))
            llmfi_jw_member_bool(w, "parallel_tool_calls", q->parallel_tool_calls == LLMF_YES);
    }
    llmfi_extra_write(a, w);
    llmfi_jw_object_end(w);
}

/* ---- the body ---- */

/* How one of the two APIs spells it. */
typedef struct llmfi_openai_form {
    const char *list;                        /* the member that the messages are in */
    bool flat;
    void (*head)(const llmfi_ask *a, llmfi_jw *w); /* opens the body: all members in front of the list */
    void (*lead)(const llmfi_ask *a, llmfi_jw *w); /* what stands in the list in front of the messages; NULL: nothing */
    void (*message)(const llmfi_ask *a, llmfi_jw *w, size_t at);
} llmfi_openai_form;

/* Step 0: the head and the lead; one for each message; one for each tool; the tail. */
static bool llmfi_openai_steps(const llmfi_ask *a, unsigned step, llmfi_jw *w, const llmfi_openai_form *form) {
    bool own = !llmfi_extra(a, llmfi_cstr(form->list));
    size_t messages = own ? a->req->message_count : 0, tools = LLMFI_OPENAI_OURS(a, "tools") ? a->req->tool_count : 0, at = step;
    if (at == 0) {
        form->head(a, w);
        if (!own) return true;
        llmfi_jw_key_str(w, llmfi_cstr(form->list));
        llmfi_jw_array(w);
        if (form->lead) form->lead(a, w);
        if (!messages) llmfi_jw_array_end(w);
        return true;
    }
    if (--at < messages) {
        form->message(a, w, at);
        if (at + 1 == messages) llmfi_jw_array_end(w);
        return true;
    }
    at -= messages;
    if (at < tools) {
        if (at == 0) {
            llmfi_jw_key(w, "tools");
            llmfi_jw_array(w);
        }
        llmfi_openai_tool(a, w, at, form->flat);
        if (at + 1 == tools) llmfi_jw_array_end(w);
        return true;
    }
    llmfi_openai_tail(a, w, form->flat);
    return false;
}

#endif
