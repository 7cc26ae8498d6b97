/* The config's sections prompts and chains.
     prompts:
       short: "Summarise in {{lang:English}}: {{text}}"             one user message
       long:
         system: "You are a classifier."
         variables: {text: required, label: none}                   or [text, label]: all required. Given: another name in a text is a problem
         examples: [{user: "I love it", assistant: positive}]       pairs, before the messages
         messages: [{role: user, content: "Classify: {{text}}"}]    or user: "…", one message. Roles: user, assistant, system
         model: fast                                                what else the request is, where it does not say it itself:
         temperature: 0                                             top_p, max_tokens, stop, reasoning, format (text, json or a mapping: a JSON Schema)
         description: for people
     chains:
       report:                                                      or {steps: [...], description}
         - {prompt: extract, model: fast, parse: json, as: facts}   parse: text, json or lines; as: its name in the steps behind it
         - {text: "Write: {{facts.title}} {{previous}}"}            a template as it stands, instead of the name of a prompt
   What stands in a text is in base/template.h. ${NAME} is not looked for in texts, as prompts speak of such things; in the other values it is. A prompt or chain of a
   later source takes the place of one of the same name as a whole. */
#ifndef LLMFI_FACTORY_PROMPTS_H
#define LLMFI_FACTORY_PROMPTS_H
#include "../base/template.h"
#include "check.h"
#include "generation.h"
#include "routes.h"

#if LLMF_HAS_CONFIG

#if LLMF_HAS_PROMPTS

static const llmfi_key llmfi_prompt_keys[] = {
    {"system", LLMFI_KEY_TEXT, LLMFI_KEY_NONE, LLMFI_KEY_NONE, 0, 0, LLMFI_WHAT("what the model is told before all else; {{name}} is a hole")},
    {"user", LLMFI_KEY_TEXT, LLMFI_KEY_NONE, LLMFI_KEY_NONE, 0, 0, LLMFI_WHAT("one message of the user; {{name}} is a hole")},
    {"messages", LLMFI_KEY_OBJECT, LLMFI_KEY_NONE, LLMFI_KEY_NONE, 0, 0, LLMFI_WHAT("in place of user: messages in their order")},
    {"examples", LLMFI_KEY_OBJECT, LLMFI_KEY_NONE, LLMFI_KEY_NONE, 0, 0, LLMFI_WHAT("pairs that go before the messages")},
    {"variables", LLMFI_KEY_OBJECT, LLMFI_KEY_NONE, LLMFI_KEY_NONE, 0, 0, LLMFI_WHAT("the names that its texts may have, each required or with the text that stands for a missing one")},
    {"format", LLMFI_KEY_OBJECT, LLMFI_KEY_NONE, LLMFI_KEY_NONE, 0, 0, LLMFI_WHAT("text, json or a JSON Schema that the answer keeps to")},
    {"model", LLMFI_KEY_TEXT, LLMFI_KEY_APART, LLMFI_KEY_NONE, 0, 0, LLMFI_WHAT("the model or route that is asked, where the request names none")},
    {"temperature", LLMFI_KEY_NUMBER, LLMFI_KEY_APART, LLMFI_KEY_NONE, 0, 2, LLMFI_WHAT("0 is the most predictable")},
    {"top_p", LLMFI_KEY_NUMBER, LLMFI_KEY_APART, LLMFI_KEY_NONE, 0, 1, LLMFI_WHAT("of the likeliest tokens that are chosen from, the sum of their shares")},
    {"max_tokens", LLMFI_KEY_INTEGER, LLMFI_KEY_APART, LLMFI_KEY_NONE, 1, LLMFI_MAX_NUMBER, LLMFI_WHAT("the most tokens of an answer")},
    {"stop", LLMFI_KEY_TEXTS, LLMFI_KEY_APART, LLMFI_KEY_NONE, 0, 0, LLMFI_WHAT("texts at which an answer ends")},
    {"reasoning", LLMFI_KEY_REASONING, LLMFI_KEY_APART, LLMFI_KEY_NONE, 0, 0, LLMFI_WHAT("how much the model thinks: a word, or a number of tokens")},
    {"description", LLMFI_KEY_TEXT, LLMFI_KEY_NONE, LLMFI_KEY_NONE, 0, 0, LLMFI_WHAT("for people")},
};
enum { LLMFI_PROMPT_OWN = 6 };               /* the first so many keys are those with code of their own */
static const llmfi_key llmfi_message_keys[] = {
    {"role", LLMFI_KEY_TEXT, LLMFI_KEY_APART, LLMFI_KEY_NONE, 0, 0, LLMFI_WHAT("who says it")},
    {"content", LLMFI_KEY_TEXT, LLMFI_KEY_NONE, LLMFI_KEY_NONE, 0, 0, LLMFI_WHAT("its text; {{name}} is a hole")},
};
static const llmfi_key llmfi_example_keys[] = {
    {"user", LLMFI_KEY_TEXT, LLMFI_KEY_NONE, LLMFI_KEY_NONE, 0, 0, LLMFI_WHAT("what is asked")},
    {"assistant", LLMFI_KEY_TEXT, LLMFI_KEY_NONE, LLMFI_KEY_NONE, 0, 0, LLMFI_WHAT("what is answered")},
};
static const llmfi_key llmfi_step_keys[] = {
    {"prompt", LLMFI_KEY_TEXT, LLMFI_KEY_APART, LLMFI_KEY_NONE, 0, 0, LLMFI_WHAT("the name of a prompt")},
    {"text", LLMFI_KEY_TEXT, LLMFI_KEY_NONE, LLMFI_KEY_NONE, 0, 0, LLMFI_WHAT("a text in place of a prompt; {{previous}} is the answer before")},
    {"model", LLMFI_KEY_TEXT, LLMFI_KEY_APART, LLMFI_KEY_NONE, 0, 0, LLMFI_WHAT("the model or route that is asked")},
    {"parse", LLMFI_KEY_TEXT, LLMFI_KEY_APART, LLMFI_KEY_NONE, 0, 0, LLMFI_WHAT("what is taken from the answer: text, the JSON value in it, or its lines as a list")},
    {"as", LLMFI_KEY_TEXT, LLMFI_KEY_APART, LLMFI_KEY_NONE, 0, 0, LLMFI_WHAT("the name of its answer in the steps behind it")},
};
static const llmfi_key llmfi_chain_keys[] = {
    {"steps", LLMFI_KEY_OBJECT, LLMFI_KEY_NONE, LLMFI_KEY_NONE, 0, 0, LLMFI_WHAT("prompts, each with the answers of those before it")},
    {"description", LLMFI_KEY_TEXT, LLMFI_KEY_NONE, LLMFI_KEY_NONE, 0, 0, LLMFI_WHAT("for people")},
};

/* ---- texts ---- */

/* "system, line 1, column 7 of the text: what", at the text. */
static llmfi_text llmfi_prompt_problem(const llmfi_check *k, llmf_error *err, const llmfi_node *n, const char *where, const llmfi_template *t) {
    llmfi_text say = llmfi_check_begin(k, err, n);
    uint32_t line, column;
    llmfi_place(t->text, t->from, &line, &column);
    llmfi_say_c(&say, where);
    LLMFI_SAY(&say, ", line ");
    llmfi_say_int(&say, line);
    LLMFI_SAY(&say, ", column ");
    llmfi_say_int(&say, column);
    LLMFI_SAY(&say, " of the text: ");
    return say;
}

/* A name that the prompt has not declared. What a chain gives by itself need not be. */
static bool llmfi_check_declared(const llmfi_check *k, const llmfi_node *n, const char *where, const llmfi_template *t, const llmfi_node *declared) {
    llmfi_nearest near_names = llmfi_nearest_to(t->name);
    const llmfi_node *v;
    llmf_error err;
    llmfi_text say;
    if (!declared || LLMFI_IS(t->name, "previous") || llmfi_member(declared, t->name)) return true;
    for (v = declared->child; v; v = v->next) llmfi_nearest_try(&near_names, v->key);
    say = llmfi_prompt_problem(k, &err, n, where, t);
    LLMFI_SAY(&say, "unknown variable ");
    llmfi_say(&say, t->name);
    llmfi_nearest_say(&near_names, &say);
    if (!near_names.count) LLMFI_SAY(&say, "; declare it under variables");
    llmfi_report_end(k->report, &err, false);
    return false;
}

/* A text with holes: each of them is looked at. */
static bool llmfi_check_template(const llmfi_check *k, const llmfi_node *n, const char *where, const llmfi_node *declared) {
    llmfi_template t;
    llmf_error err;
    llmfi_text say;
    bool ok = true;
    int piece;
    if (n->type != LLMFI_STRING) return llmfi_check_bad(k, n, where, n->type == LLMFI_NULL || n->type >= LLMFI_ARRAY ? "must be a text" : "must be a text; put it in quotes");
    if (!llmfi_trim(n->text).len) return llmfi_check_bad(k, n, where, "is empty; give it a text, or remove it");
    if (llmfi_memchr(n->text.ptr, '\0', n->text.len)) return llmfi_check_bad(k, n, where, "holds a NUL; remove it");
    for (t = llmfi_template_of(n->text); (piece = llmfi_template_next(&t)) != LLMFI_PIECE_END;) {
        if (piece == LLMFI_PIECE_HOLE && !llmfi_check_declared(k, n, where, &t, declared)) ok = false;
        if (piece != LLMFI_PIECE_BAD) continue;
        say = llmfi_prompt_problem(k, &err, n, where, &t);
        llmfi_say_c(&say, t.bad);
        llmfi_report_end(k->report, &err, false);
        ok = false;
    }
    return ok;
}

/* ---- prompts ---- */

/* A list of names becomes a mapping; "required" becomes null, and what else is no text one. */
static bool llmfi_check_prompt_variables(const llmfi_check *k, llmfi_node *n) {
    llmfi_node *v;
    const llmfi_node *other;
    bool list = n->type == LLMFI_ARRAY;
    if (list ? !llmfi_is_array_of_texts(n) : n->type != LLMFI_OBJECT)
        return llmfi_check_bad(k, n, "variables", "must be a mapping of names to required or to the text that stands for a missing one, or a list of names");
    n->type = LLMFI_OBJECT;
    for (v = n->child; v; v = v->next) {
        if (list) {
            v->key = v->text;
            v->type = LLMFI_NULL;
        }
        if (!llmfi_template_name_ok(v->key)) return llmfi_check_bad(k, v, "variables", "has a name that is none; names begin with a letter or _, and have letters, digits, _ and - only");
        for (other = n->child; other != v; other = other->next)
            if (llmfi_eq(other->key, v->key)) return llmfi_check_bad(k, v, "variables", "has this name twice; remove one of the two");
        if (v->type >= LLMFI_ARRAY) return llmfi_check_bad(k, v, "variables", "has a value that is no text; write required, or the text that stands for a missing one");
        if (v->type == LLMFI_STRING && LLMFI_IS(v->text, "required")) v->type = LLMFI_NULL;
        if (v->type == LLMFI_TRUE || v->type == LLMFI_FALSE) v->text = v->type == LLMFI_TRUE ? LLMFI_LIT("true") : LLMFI_LIT("false");
        if (v->type != LLMFI_NULL) v->type = LLMFI_STRING;
    }
    return true;
}

/* The entries of a list of mappings that all have the same two keys. */
static bool llmfi_check_pairs(const llmfi_check *k, llmfi_node *list, const llmfi_key keys[2], const llmfi_node *declared) {
    static const char roles[] = "user\0assistant\0system\0";
    const llmfi_node *item, *n;
    bool ok = true, messages = llmfi_strcmp(keys[0].name, "role") == 0;
    const char *what = messages ? "messages" : "examples";
    if (list->type != LLMFI_ARRAY || !list->child)
        return llmfi_check_bad(k, list, what, messages ? "must be a list of {role, content}" : "must be a list of {user, assistant}");
    for (item = list->child; item; item = item->next) {
        if (item->type != LLMFI_OBJECT || !llmfi_member(item, llmfi_cstr(keys[0].name)) || !llmfi_member(item, llmfi_cstr(keys[1].name))) {
            ok = llmfi_check_bad(k, item, what, messages ? "must each be a mapping of role and content" : "must each be a mapping of user and assistant");
            continue;
        }
        for (n = item->child; n; n = n->next) {
            if (!llmfi_key_of(k, n, messages ? "key of a message" : "key of an example", keys, 2)) ok = false;
            else if (!LLMFI_IS(n->key, "role")) ok = llmfi_check_template(k, n, keys[llmfi_eq(n->key, llmfi_cstr(keys[1].name))].name, declared) && ok;
            else if (n->type != LLMFI_STRING || llmfi_word_in(roles, n->text) < 0) ok = llmfi_check_bad(k, n, "role", "must be user, assistant or system");
        }
    }
    return ok;
}

static bool llmfi_check_format(const llmfi_check *k, const llmfi_node *n) {
    if (n->type == LLMFI_OBJECT || (n->type == LLMFI_STRING && (LLMFI_IS(n->text, "text") || LLMFI_IS(n->text, "json")))) return true;
    return llmfi_check_bad(k, n, "format", "must be text, json or a mapping: a JSON Schema");
}

static bool llmfi_check_prompt_own(const llmfi_check *k, llmfi_node *n, const llmfi_node *declared) {
    if (LLMFI_IS(n->key, "variables")) return true; /* looked at before all others */
    if (LLMFI_IS(n->key, "messages")) return llmfi_check_pairs(k, n, llmfi_message_keys, declared);
    if (LLMFI_IS(n->key, "examples")) return llmfi_check_pairs(k, n, llmfi_example_keys, declared);
    if (LLMFI_IS(n->key, "format")) return llmfi_check_format(k, n);
    return llmfi_check_template(k, n, LLMFI_IS(n->key, "user") ? "user" : "system", declared);
}

static bool llmfi_check_target(const llmfi_check *k, const llmfi_node *n, bool secret) {
    return n->type == LLMFI_NULL || llmfi_refer(k, n, LLMFI_REFERS_TARGET, secret);
}

static bool llmfi_check_prompt(const llmfi_check *k, llmfi_node *entry) {
    llmfi_node *variables = (llmfi_node *)(uintptr_t)llmfi_member(entry, LLMFI_LIT("variables")), **link;
    bool ok = !variables || llmfi_check_prompt_variables(k, variables);
    const llmfi_node *declared = variables && ok ? variables : NULL;
    for (link = &entry->child; *link;) {
        llmfi_node *n = *link;
        const llmfi_key *key = llmfi_key_of(k, n, "key of a prompt", llmfi_prompt_keys, LLMFI_COUNT(llmfi_prompt_keys));
        bool secret = n->type == LLMFI_STRING && llmfi_has_hole(n->text), good;
        if (n->type == LLMFI_NULL && key) good = true;
        else if (key && key < llmfi_prompt_keys + LLMFI_PROMPT_OWN) good = llmfi_check_prompt_own(k, n, declared);
        else good = key && llmfi_check_value(k, key, n) && (!LLMFI_IS(n->key, "model") || llmfi_check_target(k, n, secret));
        ok = ok && good;
        if (good && n->type != LLMFI_NULL) link = &n->next;
        else *link = n->next;
    }
    if (llmfi_member(entry, LLMFI_LIT("user")) && llmfi_member(entry, LLMFI_LIT("messages"))) return llmfi_check_bad(k, entry, "a prompt", "has both user and messages; give one of them");
    if (ok && !llmfi_member(entry, LLMFI_LIT("user")) && !llmfi_member(entry, LLMFI_LIT("messages")))
        return llmfi_check_bad(k, entry, "a prompt", "has nothing to say; give it user: a text, or messages");
    return ok;
}

/* ---- chains ---- */

/* The name of a step must be nobody else's. */
static bool llmfi_check_as(const llmfi_check *k, const llmfi_node *steps, const llmfi_node *step, const llmfi_node *as) {
    const llmfi_node *other;
    if (!llmfi_template_name_ok(as->text) || LLMFI_IS(as->text, "previous"))
        return llmfi_check_bad(k, as, "as", "must be a name of letters, digits, _ and - that begins with a letter or _, and not previous");
    for (other = steps->child; other && other != step; other = other->next)
        if (llmfi_eq(llmfi_entry_text(other, "as"), as->text)) return llmfi_check_bad(k, as, "as", "is the name of an earlier step too; give each its own");
    return true;
}

static bool llmfi_check_step_value(const llmfi_check *k, const llmfi_node *steps, const llmfi_node *step, llmfi_node *n) {
    const llmfi_key *key = llmfi_key_of(k, n, "key of a step", llmfi_step_keys, LLMFI_COUNT(llmfi_step_keys));
    bool secret = n->type == LLMFI_STRING && llmfi_has_hole(n->text);
    if (!key) return false;
    if (LLMFI_IS(n->key, "text")) return llmfi_check_template(k, n, "text", NULL);
    if (!llmfi_check_value(k, key, n)) return false;
    if (n->type == LLMFI_NULL) return true;
    if (LLMFI_IS(n->key, "model")) return llmfi_check_target(k, n, secret);
    if (LLMFI_IS(n->key, "prompt")) return llmfi_refer(k, n, LLMFI_REFERS_PROMPT, secret);
    if (LLMFI_IS(n->key, "as")) return llmfi_check_as(k, steps, step, n);
    return llmfi_word_in(llmfi_parse_words, n->text) >= 0 || llmfi_check_bad(k, n, "parse", "must be text, json or lines");
}

static bool llmfi_check_step(const llmfi_check *k, const llmfi_node *steps, llmfi_node *step) {
    llmfi_node *n;
    bool ok = true;
    if (step->type != LLMFI_OBJECT) return llmfi_check_bad(k, step, "a step", "must be a mapping of prompt or text, model, parse and as");
    for (n = step->child; n; n = n->next)
        if (!llmfi_check_step_value(k, steps, step, n)) ok = false;
    if (ok && (llmfi_entry_text(step, "prompt").len > 0) == (llmfi_entry_text(step, "text").len > 0))
        return llmfi_check_bad(k, step, "a step", "needs either prompt: the name of a prompt, or text: a template");
    return ok;
}

/* The list of steps that an entry has; NULL where a problem was reported. */
static llmfi_node *llmfi_check_chain(const llmfi_check *k, llmfi_node *entry) {
    llmfi_node *steps = entry, *n;
    bool ok = true;
    if (entry->type == LLMFI_OBJECT) {
        for (n = entry->child; n; n = n->next)
            if (!llmfi_key_of(k, n, "key of a chain", llmfi_chain_keys, LLMFI_COUNT(llmfi_chain_keys))) ok = false;
        steps = (llmfi_node *)(uintptr_t)llmfi_member(entry, LLMFI_LIT("steps"));
    }
    if (!steps || steps->type != LLMFI_ARRAY || !steps->child) {
        llmfi_check_bad(k, steps ? steps : entry, "a chain", "must be a list of steps: {prompt, model, parse, as}");
        return NULL;
    }
    if (steps->count > LLMF_MAX_CHAIN) {
        llmfi_check_bad(k, steps, "a chain", "has more steps than LLMF_MAX_CHAIN; make two of it");
        return NULL;
    }
    for (n = steps->child; n; n = n->next)
        if (!llmfi_check_step(k, steps, n)) ok = false;
    return ok ? steps : NULL;
}

/* ---- the sections ---- */

static void llmfi_recipe_put(const llmfi_check *k, llmfi_recipe **list, llmf_str name, llmfi_node *node) {
    llmfi_recipe *e;
    while (*list && !llmfi_eq((*list)->name, name)) list = &(*list)->next;
    e = *list ? *list : (llmfi_recipe *)llmfi_arena_alloc(k->arena, sizeof *e);
    if (!e) return;
    *list = e;
    e->name = name;
    e->file = k->file;
    e->node = node;
}

static bool llmfi_check_recipe(const llmfi_check *k, const llmfi_node *entry, const char *what) {
    if (entry->key.len && llmfi_trim(entry->key).len == entry->key.len && llmfi_find_control(entry->key, 0) == LLMFI_NOWHERE) return true;
    llmfi_report_at(k->report, k->file, entry->key_line, entry->key_column, what);
    return false;
}

/* A text alone is the one user message. */
static bool llmfi_make_prompt(const llmfi_check *k, llmfi_node *entry) {
    llmfi_node *user;
    if (entry->type != LLMFI_STRING) return entry->type == LLMFI_OBJECT || llmfi_check_bad(k, entry, "a prompt", "must be a text, or a mapping of system, messages, examples, variables and model");
    user = (llmfi_node *)llmfi_arena_alloc(k->arena, sizeof *user);
    if (!user) return false;
    *user = *entry;
    user->next = NULL;
    user->key = LLMFI_LIT("user");
    entry->type = LLMFI_OBJECT;
    entry->child = user;
    entry->count = 1;
    return true;
}

static void llmfi_load_prompts(const llmfi_check *k, llmfi_config *c, llmfi_node *section) {
    llmfi_node *n;
    if (!llmfi_wants_object(k, section, " must be a mapping of names to prompts")) return;
    for (n = section->child; n; n = n->next) {
        if (!llmfi_check_recipe(k, n, "a prompt's name must not be empty, nor have blanks at its ends or control characters") || !llmfi_make_prompt(k, n)) continue;
        llmfi_check_prompt(k, n);
        llmfi_recipe_put(k, &c->prompts, n->key, n); /* also one that is wrong, so that who refers to it is not told that there is none: such a config is not used */
    }
}

static void llmfi_load_chains(const llmfi_check *k, llmfi_config *c, llmfi_node *section) {
    llmfi_node *n, *steps;
    if (!llmfi_wants_object(k, section, " must be a mapping of names to chains")) return;
    for (n = section->child; n; n = n->next)
        if (llmfi_check_recipe(k, n, "a chain's name must not be empty, nor have blanks at its ends or control characters") && (steps = llmfi_check_chain(k, n)) != NULL)
            llmfi_recipe_put(k, &c->chains, n->key, steps);
}

/* ---- when all is read ---- */

/* True: it was looked at here. What refers to a model or a route is left to those who look at models. */
static bool llmfi_check_prompt_reference(const llmfi_config *c, llmfi_report *report, const llmfi_reference *r) {
    llmf_error err;
    llmfi_text t;
    if (r->of == LLMFI_REFERS_TARGET) {
#if LLMF_HAS_ROUTES
        if (llmfi_config_route(c, r->node->text)) return true;
#endif
        return false;
    }
    if (r->of != LLMFI_REFERS_PROMPT) return false;
    if (llmfi_recipe_find(c->prompts, r->node->text)) return true;
    t = llmfi_report_begin(&err, r->file, r->node->line, r->node->column, false);
    LLMFI_SAY(&t, "unknown prompt ");
    llmfi_say(&t, r->secret ? LLMFI_LIT("(from a variable)") : r->node->text);
    if (!r->secret) llmfi_recipe_near(c->prompts, r->node->text, &t, "; it must be a key of the section prompts");
    llmfi_report_end(report, &err, false);
    return true;
}

#else

static void llmfi_load_prompts(const llmfi_check *k, const llmfi_config *c, const llmfi_node *section) {
    (void)c;
    llmfi_check_left_out(k, section, "prompts", "PROMPTS");
}

static void llmfi_load_chains(const llmfi_check *k, const llmfi_config *c, const llmfi_node *section) {
    (void)c;
    llmfi_check_left_out(k, section, "chains", "PROMPTS");
}

static bool llmfi_check_prompt_reference(const llmfi_config *c, const llmfi_report *report, const llmfi_reference *r) {
    (void)c, (void)report, (void)r;
    return false;
}

#endif
#endif
#endif
