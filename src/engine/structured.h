/* Calls whose answer must keep to a JSON Schema (llmf_start_json): they are chains of one step (steps.h) that is begun anew, with what was wrong as a further message, until an
   answer does, or has been asked for often enough. */
#ifndef LLMFI_ENGINE_STRUCTURED_H
#define LLMFI_ENGINE_STRUCTURED_H
#include "../base/json_mend.h"
#include "../base/json_schema.h"
#include "core.h"

/* Answers that a call may ask for again. */
#ifndef LLMF_MAX_JSON_REPEATS
#define LLMF_MAX_JSON_REPEATS 16
#endif

#if LLMF_HAS_STRUCTURED

enum {
    LLMFI_JSON_TRIES = 8,                    /* values in one answer that are looked at */
    LLMFI_JSON_PROBLEMS = 8                  /* that are told of one answer */
};

/* Parses and checks one value. LLMF_OK, LLMF_ERR_SCHEMA with `text`, _LIMIT with `text`, _MEMORY. */
static int llmfi_value_check(const llmfi_schema *schema, llmfi_heap *heap, llmf_str json, llmfi_text *text) {
    llmfi_parse_error bad;
    llmfi_arena arena;
    const llmfi_node *root;
    int code = LLMF_ERR_SCHEMA;
    llmfi_arena_init(&arena, heap, 0);
    root = llmfi_json_parse(&arena, json, &bad, true);
    if (root) {
        code = llmfi_schema_check(schema, root, &arena, text, LLMFI_JSON_PROBLEMS);
    } else if (bad.memory) {
        code = LLMF_ERR_MEMORY;
    } else {
        LLMFI_SAY(text, "(root): not valid JSON at line ");
        llmfi_say_int(text, bad.line);
        LLMFI_SAY(text, ", column ");
        llmfi_say_int(text, bad.column);
        LLMFI_SAY(text, ": ");
        llmfi_say_c(text, bad.what);
    }
    llmfi_arena_free(&arena);
    return code;
}

/* The text of the problems where nothing is said yet; else somewhere that nobody reads: of several values the first tells. */
static llmfi_text llmfi_problems_of(const llmfi_text *told, char *nowhere, size_t cap) {
    return told->len ? llmfi_text_in(nowhere, cap) : *told;
}

/* Of values that stand one behind the other, mended where need be, the first that keeps to the schema. */
static int llmfi_answer_mended(const llmfi_schema *schema, llmf_str text, llmfi_buf *value, int *repaired, llmfi_text *problems) {
    size_t at = 0;
    int i;
    for (i = 0; i < LLMFI_JSON_TRIES; i++) {
        char nowhere[16];
        llmfi_text t = llmfi_problems_of(problems, nowhere, sizeof nowhere);
        llmfi_mender m;
        int code;
        while (at < text.len && text.ptr[at] != '{' && text.ptr[at] != '[') at++;
        if (at == text.len) return LLMF_ERR_SCHEMA;
        value->len = 0;
        if (!llmfi_mend_json(&m, llmfi_from(text, at), value)) {
            if (!m.content) {
                at++;
                continue;
            }
            if (!problems->len) (void)llmfi_value_check(schema, value->heap, llmfi_from(text, at), problems); /* which says where it is broken */
            return LLMF_ERR_SCHEMA; /* what is inside of it is not the answer */
        }
        code = llmfi_value_check(schema, value->heap, llmfi_buf_str(value), &t);
        if (!problems->len) *problems = t;
        *repaired = m.done | (at || llmfi_trim(llmfi_range(m.at, text.ptr + text.len)).len ? (int)LLMFI_JSON_FOUND : 0);
        if (code != LLMF_ERR_SCHEMA) return code;
        at = (size_t)(m.at - text.ptr);
    }
    return LLMF_ERR_SCHEMA;
}

/* The value in an answer that keeps to the schema, into `value`. LLMF_OK with what was done to it (LLMFI_JSON_…); LLMF_ERR_SCHEMA with the problems; LLMF_ERR_LIMIT, _MEMORY.
   strict: nothing is mended. */
LLMFI_UNUSED static int llmfi_answer_take(const llmfi_schema *schema, llmf_str text, bool strict, llmfi_buf *value, int *repaired, llmfi_text *problems) {
    llmf_str found;
    int code = LLMF_ERR_SCHEMA;
    text = llmfi_trim(text);
    *repaired = 0;
    if (llmfi_find_json(text, &found)) {
        code = llmfi_value_check(schema, value->heap, found, problems);
        value->len = 0;
        if (code == LLMF_OK && !llmfi_buf_add(value, found.ptr, found.len)) code = LLMF_ERR_MEMORY;
        if (found.len < text.len) *repaired = LLMFI_JSON_FOUND;
    }
    if (code == LLMF_ERR_SCHEMA && !strict && llmfi_utf8_valid(text, NULL) && !(found.ptr == text.ptr && found.len == text.len && problems->len))
        code = llmfi_answer_mended(schema, text, value, repaired, problems);
    if (code == LLMF_ERR_SCHEMA && !problems->len) LLMFI_SAY(problems, "(root): the answer holds no JSON value");
    return code;
}

#endif

#if LLMFI_HAS_JSON_STEPS

/* In the arena of the steps. */
struct llmfi_structured {
    llmfi_schema schema;
    llmf_request given;                      /* the caller's, copied */
    llmf_str text;                           /* of the schema */
    int most;                                /* answers that may be asked for again */
    bool strict, native;                     /* native: the provider is given the schema */
    bool may_refuse;                         /* and where it will not have it, it is asked in words */
    bool refused;                            /* so it was: that step asked for nothing */
    llmf_str value;                          /* empty: none yet */
    int repaired;
};

/* Says what is wanted of the answer, where the provider does not see to it. */
static bool llmfi_structured_instruct(llmfi_arena *a, const struct llmfi_structured *j, llmf_request *r) {
    static const char ask[] = "Answer with one JSON value and nothing else: no other words, no code fence. The value must keep to this JSON Schema:\n";
    size_t own = r->system ? (r->system_len ? r->system_len : llmfi_strlen(r->system)) : 0, len = own + 2 + sizeof ask + j->text.len;
    char *to = (char *)llmfi_arena_alloc(a, len + 1);
    llmfi_text t;
    if (!to) return false;
    t = llmfi_text_in(to, len);
    llmfi_say(&t, llmfi_str(r->system, own));
    if (own) llmfi_say_c(&t, "\n\n");
    llmfi_say_c(&t, ask);
    llmfi_say(&t, j->text);
    r->system = to;
    r->system_len = t.len;
    return true;
}

/* The request of the first step, or, with what was answered last and what is wrong with it, of a further one. False: no memory. */
static bool llmfi_structured_request(llmfi_arena *a, const struct llmfi_structured *j, llmf_request *r, llmf_str answer, llmf_str problems) {
    size_t n = j->given.prompt ? 1 : j->given.message_count;
    llmf_message *m;
    llmfi_text t;
    char *to;
    *r = j->given;
    r->format = j->native ? j->text.ptr : r->format;
    if (!j->native && !llmfi_structured_instruct(a, j, r)) return false;
    if (!problems.len) return true;
    m = (llmf_message *)llmfi_arena_array(a, n + 2, sizeof *m);
    to = (char *)llmfi_arena_alloc(a, problems.len + 200);
    if (!m || !to) return false;
    if (j->given.prompt) m[0].content = j->given.prompt, m[0].content_len = j->given.prompt_len;
    else if (n) memcpy(m, j->given.messages, n * sizeof *m);
    r->prompt = NULL;
    r->prompt_len = 0;
    m[n].role = LLMF_ASSISTANT;
    m[n].content = llmfi_arena_copy(a, answer).ptr;
    m[n].content_len = answer.len;
    if (!answer.len) m[n].content = "(nothing)";
    t = llmfi_text_in(to, problems.len + 200);
    llmfi_say_c(&t, "This answer cannot be used. What is wrong, by JSON pointer:\n");
    llmfi_say(&t, problems);
    llmfi_say_c(&t, "\nAnswer again with the whole JSON value, corrected, and nothing else.");
    m[n + 1].role = LLMF_USER;
    m[n + 1].content = to;
    r->messages = m;
    r->message_count = n + 2;
    return !a->failed;
}

#endif
#endif
