/* Prompts with their holes filled: of the config, or of a request in code. What is made lives in an arena of the caller's; values are written once and never read again
   for holes. */
#ifndef LLMFI_FACTORY_RENDER_H
#define LLMFI_FACTORY_RENDER_H
#include "../base/json_tree.h"
#include "../base/template.h"
#include "check.h"
#include "resolve.h"

#if LLMF_HAS_PROMPTS

/* What a step of a chain has given. */
typedef struct llmfi_output {
    llmf_str name, text;                     /* name: empty: it has none */
    bool json;                               /* the text is a JSON value */
} llmfi_output;

/* Whom a hole may ask, in this order: the steps before this one, the caller, the hole itself, the prompt's own list. */
typedef struct llmfi_scope {
    const llmfi_output *outputs;             /* the last one is {{previous}} too */
    size_t output_count;
    const llmf_var *vars;
    size_t var_count;
    const llmfi_node *declared;              /* NULL: no list */
} llmfi_scope;

/* A text of a prompt, for sentences. */
typedef struct llmfi_spot {
    const llmfi_recipe *prompt;               /* NULL: the request's */
    const llmfi_node *node;                  /* where it stands in the config; NULL */
    const char *part, *member;               /* "messages", ".content" */
    int64_t index;                           /* -1: not one of a list */
    uint32_t line, column;                   /* of the hole in the text */
} llmfi_spot;

/* A prompt being filled. */
typedef struct llmfi_filling {
    llmfi_scope scope;
    llmfi_spot spot;
    llmfi_arena *arena;
    llmf_error *err;
    bool dry;                                /* looks whether each hole has somebody to fill it, and writes nothing */
} llmfi_filling;

/* ---- problems ---- */

/* "prompt classify, messages[0].content (models.yaml:12:5), line 1, column 8: ". */
static LLMFI_COLD llmfi_text llmfi_spot_begin(llmfi_filling *g) {
    const llmfi_spot *s = &g->spot;
    llmfi_text t = llmfi_error_begin(g->err, LLMF_ERR_ARGUMENT);
    if (!s->prompt) LLMFI_SAY(&t, "llmf_request.");
    if (s->prompt && s->prompt->name.len) {
        LLMFI_SAY(&t, "prompt ");
        llmfi_say(&t, s->prompt->name);
        LLMFI_SAY(&t, ", ");
    }
    llmfi_say_c(&t, s->prompt && !s->prompt->name.len ? "text" : s->part);
    if (s->index >= 0) {
        llmfi_say_c(&t, "[");
        llmfi_say_int(&t, s->index);
        llmfi_say_c(&t, "]");
    }
    llmfi_say_c(&t, s->member);
    if (s->prompt && s->node) {
        g->err->line = s->node->line;
        g->err->column = s->node->column;
        LLMFI_SAY(&t, " (");
        if (s->prompt->file.len > 160) LLMFI_SAY(&t, "...");
        llmfi_say(&t, s->prompt->file.len > 160 ? llmfi_utf8_cut(s->prompt->file, 160) : s->prompt->file);
        llmfi_say_c(&t, ":");
        llmfi_say_int(&t, s->node->line);
        llmfi_say_c(&t, ":");
        llmfi_say_int(&t, s->node->column);
        LLMFI_SAY(&t, ")");
    }
    LLMFI_SAY(&t, ", line ");
    llmfi_say_int(&t, s->line);
    LLMFI_SAY(&t, ", column ");
    llmfi_say_int(&t, s->column);
    LLMFI_SAY(&t, " of the text: ");
    return t;
}

static LLMFI_COLD bool llmfi_fill_bad(llmfi_filling *g, const char *before, llmf_str about, const char *after) {
    llmfi_text t = llmfi_spot_begin(g);
    llmfi_say_c(&t, before);
    llmfi_say(&t, about);
    llmfi_say_c(&t, after);
    return false;
}

static LLMFI_COLD bool llmfi_fill_missing(llmfi_filling *g, llmf_str name) {
    const llmfi_scope *s = &g->scope;
    llmfi_nearest near_names = llmfi_nearest_to(name);
    llmfi_text t = llmfi_spot_begin(g);
    size_t i;
    for (i = 0; i < s->output_count; i++)
        if (s->outputs[i].name.len) llmfi_nearest_try(&near_names, s->outputs[i].name);
    for (i = 0; i < s->var_count; i++)
        if (s->vars[i].name) llmfi_nearest_try(&near_names, llmfi_cstr(s->vars[i].name));
    LLMFI_SAY(&t, "the variable ");
    llmfi_say(&t, name);
    LLMFI_SAY(&t, " is missing");
    llmfi_nearest_say(&near_names, &t);
    if (!near_names.count) {
        LLMFI_SAY(&t, "; give it, or write {{");
        llmfi_say(&t, name);
        LLMFI_SAY(&t, ":default}}");
    }
    return false;
}

/* ---- values ---- */

typedef struct llmfi_filler {
    llmf_str text;
    bool json;                               /* known to be a JSON value */
} llmfi_filler;

static bool llmfi_scope_given(const llmfi_scope *s, llmf_str name, llmfi_filler *v) {
    size_t i;
    for (i = s->output_count; i-- > 0;) {
        if (!llmfi_eq(s->outputs[i].name, name) && !(i + 1 == s->output_count && LLMFI_IS(name, "previous"))) continue;
        v->text = s->outputs[i].text;
        v->json = s->outputs[i].json;
        return true;
    }
    v->json = false;
    for (i = 0; i < s->var_count; i++) {
        if (!s->vars[i].name || !llmfi_eq(llmfi_cstr(s->vars[i].name), name)) continue;
        v->text = s->vars[i].value.ptr ? s->vars[i].value : llmfi_str("", 0);
        return true;
    }
    return false;
}

/* What stands for a name that nobody gives; false: nothing does. */
static bool llmfi_scope_otherwise(const llmfi_scope *s, const llmfi_template *t, llmfi_filler *v) {
    const llmfi_node *n = llmfi_member(s->declared, t->name);
    v->json = false;
    v->text = t->otherwise;
    if (t->has_otherwise) return true;
    if (!n || n->type == LLMFI_NULL) return false;
    v->text = n->text;
    return true;
}

/* The member, or the item, of a JSON value by its name or number. */
static bool llmfi_json_part(llmf_str json, llmf_str part, llmf_str *value) {
    llmf_str front = llmfi_trim(json), key;
    bool list = front.len && front.ptr[0] == '[';
    int64_t index = 0;
    size_t at = 0;
    if (list && (!llmfi_is_digit(part.ptr[0]) || !llmfi_parse_int(part, &index))) return false;
    while (llmf_json_each(json, &at, &key, value))
        if (list ? index-- == 0 : llmfi_eq(key, part)) return true;
    return false;
}

/* The value of a hole. False with the error. A default has no members: it stands for the whole. */
static bool llmfi_fill_value(llmfi_filling *g, const llmfi_template *t, llmfi_filler *v) {
    llmf_str path = t->path, part, value;
    if (!llmfi_scope_given(&g->scope, t->name, v)) return llmfi_scope_otherwise(&g->scope, t, v) || llmfi_fill_missing(g, t->name);
    if (!llmfi_utf8_valid(v->text, NULL)) return llmfi_fill_bad(g, "the variable ", t->name, " is not valid UTF-8; convert it first");
    if (path.len && !v->json && !llmfi_json_valid(v->text)) return llmfi_fill_bad(g, "", t->name, " is not JSON, so it has no members");
    while (path.len) {
        part = llmfi_template_part(&path);
        if (!llmfi_json_part(v->text, part, &value)) {
            if (t->has_otherwise) return llmfi_scope_otherwise(&g->scope, t, v);
            return llmfi_fill_bad(g, "there is no ", llmfi_range(t->name.ptr, part.ptr + part.len), "; look at what it holds, or write {{name.member:default}}");
        }
        v->text = value;
        v->json = true;
    }
    return true;
}

/* ---- writing ---- */

static void llmfi_put_xml(llmfi_out *out, llmf_str s) {
    size_t from = 0, i;
    for (i = 0; i < s.len; i++) {
        const char *to = s.ptr[i] == '&' ? "&amp;" : s.ptr[i] == '<' ? "&lt;" : s.ptr[i] == '>' ? "&gt;" : s.ptr[i] == '"' ? "&quot;" : s.ptr[i] == '\'' ? "&#39;" : NULL;
        if (!to) continue;
        llmfi_put(out, s.ptr + from, i - from);
        llmfi_put(out, to, llmfi_strlen(to));
        from = i + 1;
    }
    llmfi_put(out, s.ptr + from, s.len - from);
}

/* A string of JSON becomes its text. False: no memory. */
static bool llmfi_filler_decode(llmfi_filling *g, llmfi_filler *v) {
    llmf_str s = llmfi_trim(v->text);
    size_t len;
    char *to;
    if (!v->json || !s.len || s.ptr[0] != '"') return true;
    len = llmf_json_string(s, NULL, 0);
    to = len == LLMF_NOT_A_STRING ? NULL : (char *)llmfi_arena_alloc(g->arena, len + 1);
    if (!to) return llmfi_error_memory(g->err);
    llmf_json_string(s, to, len + 1);
    v->text = llmfi_str(to, len);
    return true;
}

static bool llmfi_fill_hole(llmfi_filling *g, const llmfi_template *t, llmfi_out *out) {
    llmfi_filler v;
    llmfi_jw w;
    llmfi_place(t->text, t->from, &g->spot.line, &g->spot.column);
    if (g->dry) return llmfi_scope_given(&g->scope, t->name, &v) || llmfi_scope_otherwise(&g->scope, t, &v) || llmfi_fill_missing(g, t->name);
    if (!llmfi_fill_value(g, t, &v)) return false;
    if (t->filter != LLMFI_FILTER_JSON && !llmfi_filler_decode(g, &v)) return false;
    if (t->filter == LLMFI_FILTER_XML) {
        llmfi_put_xml(out, v.text);
    } else if (t->filter == LLMFI_FILTER_JSON && !v.json) {
        llmfi_jw_init(&w, out);
        llmfi_jw_str(&w, v.text);
    } else {
        llmfi_put_str(out, v.text);
    }
    return true;
}

static bool llmfi_fill_pass(llmfi_filling *g, llmf_str text, llmfi_out *out) {
    llmfi_template t = llmfi_template_of(text);
    int piece;
    while ((piece = llmfi_template_next(&t)) != LLMFI_PIECE_END) {
        if (piece == LLMFI_PIECE_TEXT) {
            llmfi_put_str(out, t.piece);
        } else if (piece == LLMFI_PIECE_HOLE) {
            if (!llmfi_fill_hole(g, &t, out)) return false;
        } else {
            llmfi_place(t.text, t.from, &g->spot.line, &g->spot.column);
            return llmfi_fill_bad(g, t.bad, llmfi_str("", 0), "");
        }
    }
    return true;
}

/* The text with its holes filled, a NUL behind it: measured, then written. */
static bool llmfi_fill(llmfi_filling *g, llmf_str text, llmf_str *to) {
    llmfi_out out;
    char *at;
    size_t len;
    llmfi_out_count(&out);
    *to = llmfi_str("", 0);
    if (!llmfi_fill_pass(g, text, &out)) return false;
    if (g->dry) return true;
    if (out.total > (size_t)-1 / 8) return llmfi_error_memory(g->err);
    len = (size_t)out.total;
    at = (char *)llmfi_arena_alloc(g->arena, len + 1);
    if (!at) return llmfi_error_memory(g->err);
    llmfi_out_window(&out, at, len, 0);
    if (!llmfi_fill_pass(g, text, &out)) return false;
    *to = llmfi_str(at, len);
    return true;
}

/* ---- messages ---- */

static bool llmfi_fill_at(llmfi_filling *g, const llmfi_node *n, const char *part, int64_t index, const char *member, llmf_str *to) {
    g->spot.node = n;
    g->spot.part = part;
    g->spot.index = index;
    g->spot.member = member;
    return llmfi_fill(g, n->text, to);
}

static bool llmfi_fill_message(llmfi_filling *g, llmf_message *m, int role, const llmfi_node *n, const char *part, int64_t index, const char *member) {
    llmf_str text;
    if (!llmfi_fill_at(g, n, part, index, member, &text)) return false;
    m->role = role;
    m->content = text.ptr;
    m->content_len = text.len;
    return true;
}

/* A prompt of the config, which has been checked: examples, then messages. */
static bool llmfi_fill_prompt(llmfi_filling *g, const llmfi_recipe *p, llmf_request *to) {
    static const char roles[] = "user\0assistant\0system\0";
    const llmfi_node *system = llmfi_member(p->node, LLMFI_LIT("system")), *user = llmfi_member(p->node, LLMFI_LIT("user"));
    const llmfi_node *examples = llmfi_member(p->node, LLMFI_LIT("examples")), *messages = llmfi_member(p->node, LLMFI_LIT("messages")), *n;
    size_t count = (examples ? 2 * (size_t)examples->count : 0) + (messages ? messages->count : 0) + (user ? 1 : 0);
    llmf_message *m = (llmf_message *)llmfi_arena_array(g->arena, count, sizeof *m);
    llmf_str text;
    int64_t i = 0;
    if (!m) return llmfi_error_memory(g->err);
    to->messages = m;
    to->message_count = count;
    g->spot.prompt = p;
    g->scope.declared = llmfi_member(p->node, LLMFI_LIT("variables"));
    if (system) {
        if (!llmfi_fill_at(g, system, "system", -1, "", &text)) return false;
        to->system = text.ptr;
        to->system_len = text.len;
    }
    for (n = examples ? examples->child : NULL; n; n = n->next, i++)
        if (!llmfi_fill_message(g, m++, LLMF_USER, llmfi_member(n, LLMFI_LIT("user")), "examples", i, ".user") ||
            !llmfi_fill_message(g, m++, LLMF_ASSISTANT, llmfi_member(n, LLMFI_LIT("assistant")), "examples", i, ".assistant"))
            return false;
    for (n = messages ? messages->child : NULL, i = 0; n; n = n->next, i++)
        if (!llmfi_fill_message(g, m++, llmfi_word_in(roles, llmfi_entry_text(n, "role")), llmfi_member(n, LLMFI_LIT("content")), "messages", i, ".content")) return false;
    return !user || llmfi_fill_message(g, m, LLMF_USER, user, "user", -1, "");
}

/* One text of a request; NULL stays. */
static bool llmfi_fill_text(llmfi_filling *g, const char **text, size_t *len, const char *part, int64_t index, const char *member) {
    llmf_str to;
    if (!*text) return true;
    g->spot.node = NULL;
    g->spot.part = part;
    g->spot.index = index;
    g->spot.member = member;
    if (!llmfi_fill(g, llmfi_str(*text, *len ? *len : llmfi_strlen(*text)), &to)) return false;
    *text = to.ptr;
    *len = to.len;
    return true;
}

/* A request in code. */
static bool llmfi_fill_request(llmfi_filling *g, llmf_request *r) {
    llmf_message *m;
    size_t i;
    if (r->message_count && !r->messages) return llmfi_error_set(g->err, LLMF_ERR_ARGUMENT, "llmf_request.messages: is NULL but message_count is not 0");
    if (!llmfi_fill_text(g, &r->prompt, &r->prompt_len, "prompt", -1, "") || !llmfi_fill_text(g, &r->system, &r->system_len, "system", -1, "")) return false;
    if (!r->message_count) return true;
    m = (llmf_message *)llmfi_arena_array(g->arena, r->message_count, sizeof *m);
    if (!m) return llmfi_error_memory(g->err);
    memcpy(m, r->messages, r->message_count * sizeof *m);
    r->messages = m;
    for (i = 0; i < r->message_count; i++)
        if (!llmfi_fill_text(g, &m[i].content, &m[i].content_len, "messages", (int64_t)i, ".content")) return false;
    return true;
}

/* ---- the rest of a request ---- */

static const char *llmfi_fill_keep(llmfi_filling *g, llmf_str s) {
    return s.len ? llmfi_arena_copy(g->arena, s).ptr : NULL;
}

/* A mapping is a JSON Schema: as text. */
static const char *llmfi_fill_schema(llmfi_filling *g, const llmfi_node *n) {
    llmfi_out out;
    llmfi_jw w;
    char *to;
    llmfi_out_count(&out);
    llmfi_jw_init(&w, &out);
    llmfi_node_write(&w, n);
    if (w.bad || out.total > (size_t)-1 / 8) return NULL;
    to = (char *)llmfi_arena_alloc(g->arena, (size_t)out.total + 1);
    if (!to) return NULL;
    llmfi_out_window(&out, to, (size_t)out.total, 0);
    llmfi_jw_init(&w, &out);
    llmfi_node_write(&w, n);
    return to;
}

/* A true zero is LLMF_ZERO. */
static void llmfi_fill_number(const llmfi_node *n, double *to) {
    double value = 0;
    if (!n || *to != 0 || !llmfi_parse_double(n->text, &value)) return;
    *to = value == 0 ? LLMF_ZERO : value;
}

/* What the prompt says of the request where that does not say it itself. */
static bool llmfi_fill_settings(llmfi_filling *g, const llmfi_recipe *p, llmf_request *to) {
    const llmfi_node *n, *item;
    const char **stop;
    llmfi_fill_number(llmfi_member(p->node, LLMFI_LIT("temperature")), &to->temperature);
    llmfi_fill_number(llmfi_member(p->node, LLMFI_LIT("top_p")), &to->top_p);
    if ((n = llmfi_member(p->node, LLMFI_LIT("max_tokens"))) != NULL && to->max_tokens == 0) llmfi_parse_whole(n->text, &to->max_tokens);
    if (!to->reasoning) to->reasoning = llmfi_fill_keep(g, llmfi_entry_text(p->node, "reasoning"));
    if ((n = llmfi_member(p->node, LLMFI_LIT("format"))) != NULL && !to->format) to->format = n->type == LLMFI_OBJECT ? llmfi_fill_schema(g, n) : llmfi_fill_keep(g, n->text);
    if ((n = llmfi_member(p->node, LLMFI_LIT("stop"))) != NULL && !to->stop_count && n->type == LLMFI_ARRAY && n->count) {
        stop = (const char **)llmfi_arena_array(g->arena, n->count, sizeof *stop);
        if (!stop) return llmfi_error_memory(g->err);
        to->stop = stop;
        to->stop_count = n->count;
        for (item = n->child; item; item = item->next) *stop++ = llmfi_fill_keep(g, item->text);
    }
    return !g->arena->failed || llmfi_error_memory(g->err);
}

/* Fills `to`, which is the request so far. prompt NULL: its own texts are the templates. dry: only looks whether that can be done. False with *err. */
LLMFI_UNUSED static bool llmfi_render(const llmfi_scope *scope, const llmfi_recipe *prompt, llmfi_arena *arena, bool dry, llmf_request *to, llmf_error *err) {
    llmfi_filling g;
    memset(&g, 0, sizeof g);
    g.scope = *scope;
    g.arena = arena;
    g.dry = dry;
    g.err = err;
    if (!prompt) return llmfi_fill_request(&g, to);
    if (to->prompt || to->system || to->message_count)
        return llmfi_error_about(err, LLMF_ERR_ARGUMENT, "llmf_request has texts of its own besides the prompt ", prompt->name, "; give one of the two");
    return llmfi_fill_prompt(&g, prompt, to) && llmfi_fill_settings(&g, prompt, to);
}

#endif
#endif
