/* What two dialects ask alike: Anthropic's Messages and Bedrock's Converse, which is made after it. */
#ifndef LLMFI_PROVIDERS_CLAUDE_H
#define LLMFI_PROVIDERS_CLAUDE_H
#include "common.h"

/* ---- thinking ---- */

/* The least budget of thinking tokens, and what is left for the answer where the budget is ours to choose. */
#define LLMFI_CLAUDE_LEAST 1024

enum { LLMFI_THINK_UNSAID, LLMFI_THINK_OFF, LLMFI_THINK_BUDGET, LLMFI_THINK_EFFORT };

typedef struct llmfi_claude_think {
    int mode;
    int64_t budget;
    const char *effort;
} llmfi_claude_think;

/* What an effort word comes to: a level of output_config.effort, and a budget for models that know no effort, cut so that the answer keeps
   LLMFI_CLAUDE_LEAST of max_tokens. */
static const struct {
    const char *word, *effort;
    int64_t budget;
} llmfi_claude_efforts[] = { { "minimal", "low", 1024 }, { "low", "low", 2048 },      { "medium", "medium", 8192 },
                                { "high", "high", 16384 },  { "xhigh", "xhigh", 32768 }, { "max", "max", 65536 } };

/* What the request asks for. max_tokens: its own, or what stands in for it. */
LLMFI_UNUSED static llmfi_claude_think llmfi_claude_thinking(const llmfi_ask *a, int64_t max_tokens) {
    llmfi_claude_think t = { LLMFI_THINK_UNSAID, 0, NULL };
    llmf_str word = llmfi_cstr(a->req->reasoning);
    size_t i;
    if (!word.len) return t;
    if (LLMFI_IS(word, "none")) {
        if (!(a->model->quirks & LLMFI_Q_NO_REASONING)) t.mode = LLMFI_THINK_OFF;
        return t;
    }
    t.mode = LLMFI_THINK_BUDGET;
    if (llmfi_reasoning_tokens(a->req->reasoning, &t.budget)) return t;
    for (i = 0; i + 1 < LLMFI_COUNT(llmfi_claude_efforts); i++)
        if (llmfi_eq(word, llmfi_cstr(llmfi_claude_efforts[i].word))) break;
    t.effort = llmfi_claude_efforts[i].effort;
    t.budget = llmfi_claude_efforts[i].budget;
    if (a->model->quirks & LLMFI_Q_ADAPTIVE_THINKING) t.mode = LLMFI_THINK_EFFORT;
    else if (t.budget > max_tokens - LLMFI_CLAUDE_LEAST) t.budget = max_tokens - LLMFI_CLAUDE_LEAST;
    return t;
}

/* Why it cannot be asked for so. */
LLMFI_UNUSED static void llmfi_claude_check_thinking(const llmfi_ask *a, llmfi_claude_think t, int64_t max_tokens, llmfi_refusal *no) {
    llmf_str choice = llmfi_cstr(a->req->tool_choice);
    if (t.mode == LLMFI_THINK_UNSAID || t.mode == LLMFI_THINK_OFF) return;
    if (choice.len && !LLMFI_IS(choice, "auto") && !LLMFI_IS(choice, "none"))
        llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "tool_choice", "a call cannot be demanded while the model thinks; leave it or reasoning out");
    if (a->model->quirks & LLMFI_Q_NO_REASONING) {
        llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "reasoning", "this model cannot think before it answers; leave it out, or take a newer model");
    } else if (!t.effort && (a->model->quirks & (LLMFI_Q_ADAPTIVE_THINKING | LLMFI_Q_TOKEN_BUDGET)) == LLMFI_Q_ADAPTIVE_THINKING) {
        llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "reasoning", "this model takes no token budget; give low, medium, high, xhigh or max");
    } else if (t.mode == LLMFI_THINK_BUDGET && t.budget < LLMFI_CLAUDE_LEAST) {
        llmfi_refuse(no, LLMF_ERR_ARGUMENT, "reasoning",
                     t.effort ? "needs max_tokens of at least 2048: 1024 for thinking and 1024 for the answer" : "the budget must be at least 1024 tokens");
    } else if (t.mode == LLMFI_THINK_BUDGET && t.budget >= max_tokens) {
        llmfi_refuse(no, LLMF_ERR_ARGUMENT, "reasoning", "the budget is part of max_tokens, so max_tokens must be larger; raise it or lower the budget");
    }
}

/* thinking, as the two dialects spell it. */
LLMFI_UNUSED static void llmfi_claude_write_thinking(const llmfi_claude_think *t, llmfi_jw *w) {
    llmfi_jw_key(w, "thinking");
    llmfi_jw_object(w);
    llmfi_jw_member_str(w, "type", t->mode == LLMFI_THINK_OFF ? LLMFI_LIT("disabled") : t->mode == LLMFI_THINK_BUDGET ? LLMFI_LIT("enabled") : LLMFI_LIT("adaptive"));
    if (t->mode == LLMFI_THINK_BUDGET) llmfi_jw_member_int(w, "budget_tokens", t->budget);
    /* Models since Opus 4.7 think in silence unless this is said ("Thinking", thinking.display): nothing to read, and an idle stream. */
    if (t->mode == LLMFI_THINK_EFFORT) llmfi_jw_member_lit(w, "display", "summarized");
    llmfi_jw_object_end(w);
}

/* Whether calls were made since the user last spoke that this provider did not think about: another one did, or their state is gone. */
static bool llmfi_claude_unthought(const llmfi_ask *a, const char *dialect) {
    size_t i = a->req->message_count;
    while (i-- > 0 && a->req->messages[i].role != LLMF_USER)
        if (a->req->messages[i].tool_call_count && !llmfi_state_items(a, &a->req->messages[i], dialect).len) return true;
    return false;
}

/* What goes out of it. With a budget a turn that goes on has to begin with what was thought ("Extended thinking", toggling thinking modes): where nobody has that, it
   goes on without thinking, as the API itself does it on newer models; the next turn thinks again. */
LLMFI_UNUSED static llmfi_claude_think llmfi_claude_sent(const llmfi_ask *a, llmfi_claude_think t, const char *dialect) {
    if (t.mode == LLMFI_THINK_BUDGET && llmfi_claude_unthought(a, dialect)) t.mode = LLMFI_THINK_UNSAID;
    return t;
}

/* ---- messages as blocks of two sides, which alternate ---- */

LLMFI_UNUSED static bool llmfi_part_empty(const llmf_part *p) {
    return p->type == LLMF_PART_TEXT && !llmfi_text_at(p->text, p->text_len).len;
}

/* How many blocks a message becomes, those of its state left out. Empty text is none: the API refuses it. */
LLMFI_UNUSED static size_t llmfi_block_count(const llmf_message *m) {
    size_t i, n = (llmfi_text_at(m->content, m->content_len).len != 0) + m->tool_call_count;
    if (m->role == LLMF_TOOL) return 1;
    for (i = 0; i < m->part_count; i++) n += !llmfi_part_empty(&m->parts[i]);
    return n;
}

/* Which side says it; LLMF_SYSTEM: none, its text is in `system`, or there is nothing to say. */
LLMFI_UNUSED static int llmfi_block_side(const llmfi_ask *a, const llmf_message *m, const char *dialect) {
    if (m->role == LLMF_SYSTEM || (!llmfi_block_count(m) && !llmfi_state_items(a, m, dialect).len)) return LLMF_SYSTEM;
    return m->role == LLMF_ASSISTANT ? LLMF_ASSISTANT : LLMF_USER;
}

/* The side of the next message before or after i that has one; LLMF_SYSTEM: there is none. */
LLMFI_UNUSED static int llmfi_block_beside(const llmfi_ask *a, size_t i, bool after, const char *dialect) {
    int side = LLMF_SYSTEM;
    while (side == LLMF_SYSTEM && (after ? ++i < a->req->message_count : i-- > 0)) side = llmfi_block_side(a, &a->req->messages[i], dialect);
    return side;
}

LLMFI_UNUSED static size_t llmfi_system_count(const llmf_message *m) {
    return m->role == LLMF_SYSTEM ? llmfi_block_count(m) : 0;
}

LLMFI_UNUSED static bool llmfi_system_messages(const llmfi_ask *a) {
    size_t i;
    for (i = 0; i < a->req->message_count; i++)
        if (llmfi_system_count(&a->req->messages[i])) return true;
    return false;
}

/* An id with _ for what the API's pattern of ids refuses: other providers make others, and call and answer get the same. `marks`: allowed besides letters and digits. */
LLMFI_UNUSED static void llmfi_jw_id(llmfi_jw *w, llmf_str id, const char *marks) {
    size_t i;
    llmfi_jw_str_begin(w);
    for (i = 0; i < id.len; i++) {
        char c = id.ptr[i];
        if (!llmfi_char_is(c, LLMFI_CHAR_ALNUM) && (!c || !llmfi_strchr(marks, c))) c = '_';
        llmfi_jw_str_piece(w, llmfi_str(&c, 1));
    }
    llmfi_jw_str_end(w);
}

/* ---- schemas ---- */

/* The schema, each object in it closed to members it does not name, as constrained output demands ("Structured outputs", JSON Schema limitations).
   names: its members are named by the user. Recursion is bounded by the reader's LLMF_MAX_DEPTH. */
LLMFI_UNUSED static void llmfi_jw_closed_schema(llmfi_jw *w, const llmfi_node *s, bool names) {
    const llmfi_node *n;
    if (s->type == LLMFI_ARRAY) {
        llmfi_jw_array(w);
        for (n = s->child; n; n = n->next) llmfi_jw_closed_schema(w, n, false);
        llmfi_jw_array_end(w);
    } else if (s->type != LLMFI_OBJECT) {
        llmfi_node_write(w, s);
    } else {
        llmfi_jw_object(w);
        for (n = s->child; n; n = n->next) {
            llmfi_jw_key_str(w, n->key);
            if (!names && llmfi_word_in("default\0const\0enum\0examples\0", n->key) >= 0) llmfi_node_write(w, n);
            else llmfi_jw_closed_schema(w, n, !names && llmfi_word_in("properties\0$defs\0definitions\0", n->key) >= 0);
        }
        if (!names && llmfi_member(s, LLMFI_LIT("properties")) && !llmfi_member(s, LLMFI_LIT("additionalProperties")))
            llmfi_jw_member_bool(w, "additionalProperties", false);
        llmfi_jw_object_end(w);
    }
}

#endif
