/* What the Responses API answers (OpenAI API reference, responses: the response object, streaming events). Nothing here knows what was asked.
   A stream says everything up to three times: in pieces, when a piece, an item ends, and in the last object. What is told is remembered by its place, so each
   is told once, and what only a later form has is told then (RULES 9). A frame is read whole before anything of it is done: none is ever taken back. */
#ifndef LLMFI_PROVIDERS_OPENAI_RESPONSES_REPLY_H
#define LLMFI_PROVIDERS_OPENAI_RESPONSES_REPLY_H
#include "common.h"
#include "fault.h"

/* Pieces of text, and items, in one streamed reply. */
#ifndef LLMF_MAX_REPLY_PARTS
#define LLMF_MAX_REPLY_PARTS 4096
#endif

/* ---- members ---- */

typedef struct llmfi_responses_frame {
    llmfi_value type, delta, output_index, content_index, summary_index, text, refusal, name, arguments, item, annotation, response, error;
    llmfi_value output;                      /* of a body that is no event */
    llmfi_value sequence_number, obfuscation;
} llmfi_responses_frame;

static const llmfi_value_row llmfi_responses_frame_rows[] = {
    LLMFI_VALUE(llmfi_responses_frame, type),          LLMFI_VALUE(llmfi_responses_frame, delta),         LLMFI_VALUE(llmfi_responses_frame, output_index),
    LLMFI_VALUE(llmfi_responses_frame, content_index), LLMFI_VALUE(llmfi_responses_frame, summary_index), LLMFI_VALUE(llmfi_responses_frame, text),
    LLMFI_VALUE(llmfi_responses_frame, refusal),       LLMFI_VALUE(llmfi_responses_frame, name),          LLMFI_VALUE(llmfi_responses_frame, arguments),
    LLMFI_VALUE(llmfi_responses_frame, item),          LLMFI_VALUE(llmfi_responses_frame, annotation),    LLMFI_VALUE(llmfi_responses_frame, response),
    LLMFI_VALUE(llmfi_responses_frame, error),         LLMFI_VALUE(llmfi_responses_frame, output),        LLMFI_VALUE(llmfi_responses_frame, sequence_number),
    LLMFI_VALUE(llmfi_responses_frame, obfuscation),
};

typedef struct llmfi_responses_object {
    llmfi_value model, status, output, usage, incomplete_details, error;
} llmfi_responses_object;

static const llmfi_value_row llmfi_responses_object_rows[] = {
    LLMFI_VALUE(llmfi_responses_object, model), LLMFI_VALUE(llmfi_responses_object, status),             LLMFI_VALUE(llmfi_responses_object, output),
    LLMFI_VALUE(llmfi_responses_object, usage), LLMFI_VALUE(llmfi_responses_object, incomplete_details), LLMFI_VALUE(llmfi_responses_object, error),
};

typedef struct llmfi_responses_item {
    llmfi_value type, call_id, name, arguments, content, summary, encrypted_content;
} llmfi_responses_item;

static const llmfi_value_row llmfi_responses_item_rows[] = {
    LLMFI_VALUE(llmfi_responses_item, type),      LLMFI_VALUE(llmfi_responses_item, call_id), LLMFI_VALUE(llmfi_responses_item, name),
    LLMFI_VALUE(llmfi_responses_item, arguments), LLMFI_VALUE(llmfi_responses_item, content), LLMFI_VALUE(llmfi_responses_item, summary),
    LLMFI_VALUE(llmfi_responses_item, encrypted_content),
};

/* A part of a message or of reasoning, an annotation, incomplete_details. */
typedef struct llmfi_responses_part {
    llmfi_value type, text, refusal, annotations, url, title, reason;
} llmfi_responses_part;

static const llmfi_value_row llmfi_responses_part_rows[] = {
    LLMFI_VALUE(llmfi_responses_part, type), LLMFI_VALUE(llmfi_responses_part, text),  LLMFI_VALUE(llmfi_responses_part, refusal), LLMFI_VALUE(llmfi_responses_part, annotations),
    LLMFI_VALUE(llmfi_responses_part, url),  LLMFI_VALUE(llmfi_responses_part, title), LLMFI_VALUE(llmfi_responses_part, reason),
};

typedef struct llmfi_responses_usage {
    llmfi_value input_tokens, output_tokens, input_tokens_details, output_tokens_details, cached_tokens, cache_write_tokens, reasoning_tokens;
} llmfi_responses_usage;

static const llmfi_value_row llmfi_responses_usage_rows[] = {
    LLMFI_VALUE(llmfi_responses_usage, input_tokens),         LLMFI_VALUE(llmfi_responses_usage, output_tokens),
    LLMFI_VALUE(llmfi_responses_usage, input_tokens_details), LLMFI_VALUE(llmfi_responses_usage, output_tokens_details),
    LLMFI_VALUE(llmfi_responses_usage, cached_tokens),        LLMFI_VALUE(llmfi_responses_usage, cache_write_tokens),
    LLMFI_VALUE(llmfi_responses_usage, reasoning_tokens),
};

/* The object's members that have rows; false: it is no object. */
#define LLMFI_RESPONSES_READ(value, kind, to) llmfi_value_members((value), llmfi_responses_##kind##_rows, LLMFI_COUNT(llmfi_responses_##kind##_rows), (to), sizeof *(to))

/* ---- places: dialect.buf[0], in order ---- */

enum { LLMFI_RESPONSES_IN_TEXT, LLMFI_RESPONSES_IN_REFUSAL, LLMFI_RESPONSES_IN_REASONING, LLMFI_RESPONSES_IN_SUMMARY, LLMFI_RESPONSES_IN_ITEM };
enum { LLMFI_RESPONSES_PLACES, LLMFI_RESPONSES_STATE }; /* reply.dialect.buf[…]; the state is there until the reply is whole */

typedef struct llmfi_responses_place {
    int64_t item, part;                      /* output_index; content_index or summary_index */
    int kind;
    bool told;                               /* not empty: the text has been told, the item is over */
} llmfi_responses_place;

static int llmfi_responses_place_order(const llmfi_responses_place *a, const llmfi_responses_place *b) {
    if (a->item != b->item) return a->item < b->item ? -1 : 1;
    if (a->kind != b->kind) return a->kind < b->kind ? -1 : 1;
    return a->part < b->part ? -1 : a->part > b->part;
}

/* How many places come before this one. Most often it is the last. */
static size_t llmfi_responses_place_rank(const llmfi_reply *r, const llmfi_responses_place *p) {
    const llmfi_responses_place *all = (const llmfi_responses_place *)(const void *)r->dialect.buf[LLMFI_RESPONSES_PLACES].ptr;
    size_t from = 0, to = r->dialect.buf[LLMFI_RESPONSES_PLACES].len / sizeof *p;
    if (to && llmfi_responses_place_order(&all[to - 1], p) < 0) return to;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (llmfi_responses_place_order(&all[middle], p) < 0) from = middle + 1;
        else to = middle;
    }
    return from;
}

/* The place, made where it is new. NULL: the reply has its error. Valid until the next one is made. */
static llmfi_responses_place *llmfi_responses_place_at(llmfi_reply *r, const llmfi_responses_place *p) {
    llmfi_buf *b = &r->dialect.buf[LLMFI_RESPONSES_PLACES];
    size_t rank = llmfi_responses_place_rank(r, p), count = b->len / sizeof *p;
    llmfi_responses_place *at;
    if (rank < count) {
        at = (llmfi_responses_place *)(void *)b->ptr + rank;
        if (llmfi_responses_place_order(at, p) == 0) return at;
    }
    if (count >= LLMF_MAX_REPLY_PARTS) {
        llmfi_reply_fail(r, LLMF_ERR_LIMIT, "the reply holds more parts than LLMF_MAX_REPLY_PARTS allows");
        return NULL;
    }
    if (!llmfi_buf_reserve(b, sizeof *p)) {
        llmfi_reply_no_memory(r);
        return NULL;
    }
    at = (llmfi_responses_place *)(void *)b->ptr + rank;
    memmove(at + 1, at, (count - rank) * sizeof *at);
    *at = *p;
    b->len += sizeof *p;
    return at;
}

static llmfi_responses_place llmfi_responses_place_of(int kind, int64_t item, int64_t part) {
    llmfi_responses_place p;
    memset(&p, 0, sizeof p);
    p.kind = kind;
    p.item = item;
    p.part = part;
    return p;
}

/* The place of the nth part of a kind in an item that is told whole: hosts count the parts of their streams in other ways. */
static llmfi_responses_place llmfi_responses_place_nth(const llmfi_reply *r, int kind, int64_t item, int64_t n) {
    const llmfi_responses_place *all = (const llmfi_responses_place *)(const void *)r->dialect.buf[LLMFI_RESPONSES_PLACES].ptr;
    llmfi_responses_place first = llmfi_responses_place_of(kind, item, -1), next = llmfi_responses_place_of(kind + 1, item, -1);
    size_t from = llmfi_responses_place_rank(r, &first), known = llmfi_responses_place_rank(r, &next) - from;
    if ((uint64_t)n < known) return all[from + (size_t)n];
    first.part = known ? all[from + known - 1].part : -1;
    if (first.part < INT64_MAX) first.part++;
    return first;
}

/* ---- text ---- */

static void llmfi_responses_say(llmfi_reply *r, int kind, const llmfi_value *text) {
    llmfi_json j = llmfi_value_json(text);
    if (kind == LLMFI_RESPONSES_IN_TEXT) llmfi_reply_text_json(r, &j);
    else if (kind == LLMFI_RESPONSES_IN_REFUSAL) llmfi_reply_refusal_json(r, &j);
    else llmfi_reply_reasoning_json(r, &j);
}

/* A piece, or with `whole` all of it: then only where nothing was told of that place. Where nothing is streamed there is no place to remember. */
static void llmfi_responses_tell(llmfi_reply *r, llmfi_responses_place place, const llmfi_value *text, bool whole) {
    llmfi_responses_place *at;
    if (text->token != LLMFI_J_STRING) return;
    if (r->streamed) {
        at = llmfi_responses_place_at(r, &place);
        if (!at || (whole && at->told)) return;
        at->told |= text->text.len != 0;
    }
    llmfi_responses_say(r, place.kind, text);
}

/* ---- state ---- */

#if LLMF_HAS_STATE

/* A state is the provider's name, a colon, and an array of what must go back between messages and calls, in the order of the reply: whole items
   (reasoning, what the provider's own tools did), a number for a message of so many bytes of text, null for the next call. Model may be NULL. */
static llmf_str llmfi_responses_owner(const llmfi_settings *model) {
    return model && model->provider.len ? model->provider : LLMFI_LIT("openai_responses");
}

/* reply.dialect.number[…] */
enum {
    LLMFI_RESPONSES_LOOSE,                   /* where in the state the reasoning begins whose item is still to come, + 1; 0: none waits */
    LLMFI_RESPONSES_TEXT                     /* bytes of text in the messages so far */
};

/* What the provider's own tools did, which goes back as it came. Calls that wait for an answer are not among them, for nobody would give it;
   nor are images, for their size. */
static bool llmfi_responses_goes_back(llmf_str type) {
    return llmfi_word_in("web_search_call\0file_search_call\0code_interpreter_call\0mcp_call\0mcp_list_tools\0tool_search_call\0tool_search_output\0compaction\0", type) >= 0;
}

static void llmfi_responses_put(llmfi_reply *r, llmf_str raw) {
    llmfi_buf *b = &r->dialect.buf[LLMFI_RESPONSES_STATE];
    if (b->len) {
        LLMFI_REPLY_PUT(r, b, ",");
    } else {
        llmfi_reply_put(r, b, llmfi_responses_owner((const llmfi_settings *)r->user));
        LLMFI_REPLY_PUT(r, b, ":[");
    }
    llmfi_reply_put(r, b, raw);
}

/* Reasoning that its item does not follow would be refused: it goes. */
static void llmfi_responses_drop_loose(llmfi_reply *r) {
    int64_t *loose = &r->dialect.number[LLMFI_RESPONSES_LOOSE];
    if (*loose) r->dialect.buf[LLMFI_RESPONSES_STATE].len = (size_t)*loose - 1;
    *loose = 0;
}

/* Something to give back: encrypted, or the text itself. A bare id means nothing to a provider that stores nothing. */
static bool llmfi_responses_has_content(const llmfi_responses_item *i) {
    return (i->encrypted_content.token == LLMFI_J_STRING && i->encrypted_content.text.len) || (i->content.token == LLMFI_J_ARRAY && i->content.text.len > 2);
}

/* An item is over: the state's entry for it. */
static void llmfi_responses_keep(llmfi_reply *r, const llmfi_responses_item *item, llmf_str raw) {
    int64_t *number = r->dialect.number, text = (int64_t)(r->text.len + r->dropped[0]) - number[LLMFI_RESPONSES_TEXT];
    char digits[24];
    llmfi_text t;
    if (LLMFI_IS(item->type.text, "reasoning")) {
        if (!llmfi_responses_has_content(item)) return;
        if (!number[LLMFI_RESPONSES_LOOSE]) number[LLMFI_RESPONSES_LOOSE] = (int64_t)r->dialect.buf[LLMFI_RESPONSES_STATE].len + 1;
        llmfi_responses_put(r, raw);
        return;
    }
    if (LLMFI_IS(item->type.text, "message") && text) {
        t = llmfi_text_in(digits, sizeof digits);
        llmfi_say_int(&t, text);
        llmfi_responses_put(r, llmfi_str(digits, t.len));
        number[LLMFI_RESPONSES_TEXT] += text;
    } else if (LLMFI_IS(item->type.text, "function_call")) {
        llmfi_responses_put(r, LLMFI_LIT("null"));
    } else if (llmfi_responses_goes_back(item->type.text)) {
        llmfi_responses_put(r, raw);
    } else {
        llmfi_responses_drop_loose(r);
    }
    number[LLMFI_RESPONSES_LOOSE] = 0;
}

/* The reply is whole: so is its state, if any item is in it. */
static void llmfi_responses_keep_all(llmfi_reply *r) {
    llmfi_buf *b = &r->dialect.buf[LLMFI_RESPONSES_STATE], none = r->state;
    if (r->terminal) return;
    llmfi_responses_drop_loose(r);
    if (llmfi_find_char(llmfi_buf_str(b), '{') == LLMFI_NOWHERE) return;
    LLMFI_REPLY_PUT(r, b, "]");
    if (r->error.code) return;
    r->state = *b;
    *b = none;
}

#endif

/* ---- items ---- */

static void llmfi_responses_cite(llmfi_reply *r, const llmfi_value *annotation) {
#if LLMF_HAS_CITATIONS
    llmfi_responses_part p;
    llmf_str url;
    if (!LLMFI_RESPONSES_READ(annotation, part, &p) || !LLMFI_IS(p.type.text, "url_citation")) return;
    url = llmfi_value_text(r, &p.url);
    llmfi_reply_citation(r, url, llmfi_value_text(r, &p.title));
#else
    (void)r, (void)annotation;
#endif
}

/* The parts of a message, of reasoning or of a summary. */
static void llmfi_responses_parts(llmfi_reply *r, const llmfi_value *list, int64_t item, bool summary) {
    int64_t count[LLMFI_RESPONSES_IN_ITEM] = { 0, 0, 0, 0 };
    llmfi_responses_part p;
    llmfi_value v, note;
    llmfi_json j, notes;
    int kind;
    for (j = llmfi_value_list(list); llmfi_value_next(&j, &v);) {
        if (!LLMFI_RESPONSES_READ(&v, part, &p)) continue;
        if (summary) kind = LLMFI_RESPONSES_IN_SUMMARY;
        else if (LLMFI_IS(p.type.text, "output_text")) kind = LLMFI_RESPONSES_IN_TEXT;
        else if (LLMFI_IS(p.type.text, "refusal")) kind = LLMFI_RESPONSES_IN_REFUSAL;
        else if (LLMFI_IS(p.type.text, "reasoning_text")) kind = LLMFI_RESPONSES_IN_REASONING;
        else continue;
        llmfi_responses_tell(r, llmfi_responses_place_nth(r, kind, item, count[kind]++), kind == LLMFI_RESPONSES_IN_REFUSAL ? &p.refusal : &p.text, true);
        for (notes = llmfi_value_list(&p.annotations); llmfi_value_next(&notes, &note);) llmfi_responses_cite(r, &note);
    }
}

/* The call at that place, which begins here if it is new; -1: the reply has its error. */
static int llmfi_responses_call(llmfi_reply *r, int64_t item, llmf_str id, const llmfi_value *name) {
    int at = llmfi_reply_tool_find(r, item);
    llmf_str called = llmfi_value_text(r, name);
    if (at < 0) return llmfi_reply_tool_begin(r, item, id, called);
    llmfi_reply_tool_name(r, at, id, called);
    return r->error.code ? -1 : at;
}

/* All of the arguments, where no piece of them has come. */
static void llmfi_responses_arguments(llmfi_reply *r, int at, const llmfi_value *arguments) {
    llmfi_json j = llmfi_value_json(arguments);
    if (at >= 0 && arguments->token == LLMFI_J_STRING && !llmfi_reply_tool(r, at)->args.len) llmfi_reply_tool_args_json(r, at, &j);
}

/* An item begins: of a call this tells its name. */
static void llmfi_responses_added(llmfi_reply *r, const llmfi_value *value, int64_t place) {
    llmfi_responses_item i;
    if (LLMFI_RESPONSES_READ(value, item, &i) && LLMFI_IS(i.type.text, "function_call")) llmfi_responses_call(r, place, llmfi_value_text(r, &i.call_id), &i.name);
}

/* A whole item. Those of other types give nothing (RULES 7, 10). */
static void llmfi_responses_done(llmfi_reply *r, const llmfi_value *value, int64_t place) {
    llmfi_responses_place over = llmfi_responses_place_of(LLMFI_RESPONSES_IN_ITEM, place, 0), *at;
    llmfi_responses_item i;
    if (r->error.code || !LLMFI_RESPONSES_READ(value, item, &i)) return;
    if (LLMFI_IS(i.type.text, "message") || LLMFI_IS(i.type.text, "reasoning")) {
        llmfi_responses_parts(r, &i.content, place, false);
        llmfi_responses_parts(r, &i.summary, place, true);
    } else if (LLMFI_IS(i.type.text, "function_call")) {
        int call = llmfi_responses_call(r, place, llmfi_value_text(r, &i.call_id), &i.name);
        llmfi_responses_arguments(r, call, &i.arguments);
        if (call >= 0) llmfi_reply_tool_end(r, call);
    }
    if (r->streamed) {
        at = llmfi_responses_place_at(r, &over);
        if (!at || at->told) return;
        at->told = true;
    }
#if LLMF_HAS_STATE
    if (!r->error.code) llmfi_responses_keep(r, &i, value->text);
#endif
}

/* ---- the response object ---- */

static void llmfi_responses_count(llmfi_reply *r, const llmfi_value *usage) {
    llmfi_responses_usage u, in, out;
    if (!LLMFI_RESPONSES_READ(usage, usage, &u)) return;
    LLMFI_RESPONSES_READ(&u.input_tokens_details, usage, &in);
    LLMFI_RESPONSES_READ(&u.output_tokens_details, usage, &out);
    r->usage.input = llmfi_value_count(&u.input_tokens);
    r->usage.output = llmfi_value_count(&u.output_tokens);
    r->usage.cache_read = llmfi_value_count(&in.cached_tokens);
    r->usage.cache_write = llmfi_value_count(&in.cache_write_tokens);
    r->usage.reasoning = llmfi_value_count(&out.reasoning_tokens);
}

/* The whole of it: all that a body says, and what ends a stream. */
static void llmfi_responses_end(llmfi_reply *r, const llmfi_value *value, const llmfi_responses_object *o) {
    llmfi_responses_part why;
    llmfi_value item;
    llmfi_json j;
    int64_t place = 0;
    for (j = llmfi_value_list(&o->output); llmfi_value_next(&j, &item); place++) llmfi_responses_done(r, &item, place);
    llmfi_responses_count(r, &o->usage);
    LLMFI_RESPONSES_READ(&o->incomplete_details, part, &why);
    llmfi_reply_finish(r, llmfi_value_text(r, why.reason.text.len ? &why.reason : &o->status));
    if (llmfi_value_some(&o->error) || LLMFI_IS(o->status.text, "failed")) {
        llmfi_fault_object(r, value->text, llmfi_str("", 0));
        return;
    }
#if LLMF_HAS_STATE
    llmfi_responses_keep_all(r);
#endif
    if (!r->error.code) r->terminal = true;
}

static void llmfi_responses_object_in(llmfi_reply *r, const llmfi_value *value, bool end) {
    llmfi_responses_object o;
    LLMFI_RESPONSES_READ(value, object, &o);
    llmfi_reply_model(r, llmfi_value_text(r, &o.model));
    if (end) llmfi_responses_end(r, value, &o);
}

/* ---- events ---- */

enum {
    LLMFI_RESPONSES_PIECE, LLMFI_RESPONSES_ARGS, LLMFI_RESPONSES_WHOLE, LLMFI_RESPONSES_ARGS_DONE, LLMFI_RESPONSES_ADDED, LLMFI_RESPONSES_ITEM,
    LLMFI_RESPONSES_NOTE, LLMFI_RESPONSES_BEGIN, LLMFI_RESPONSES_END, LLMFI_RESPONSES_FAULT, LLMFI_RESPONSES_NONE
};

/* Of the 58 types of event those that say something which no other says. */
static const struct {
    const char *type;
    uint8_t len, what, kind;
} llmfi_responses_events[] = {
#define LLMFI_RESPONSES_EVENT(type, what, kind) { "response." type, sizeof("response." type) - 1, LLMFI_RESPONSES_##what, LLMFI_RESPONSES_IN_##kind }
    LLMFI_RESPONSES_EVENT("output_text.delta", PIECE, TEXT),
    LLMFI_RESPONSES_EVENT("function_call_arguments.delta", ARGS, ITEM),
    LLMFI_RESPONSES_EVENT("reasoning_summary_text.delta", PIECE, SUMMARY),
    LLMFI_RESPONSES_EVENT("reasoning_text.delta", PIECE, REASONING),
    LLMFI_RESPONSES_EVENT("refusal.delta", PIECE, REFUSAL),
    LLMFI_RESPONSES_EVENT("output_text.done", WHOLE, TEXT),
    LLMFI_RESPONSES_EVENT("function_call_arguments.done", ARGS_DONE, ITEM),
    LLMFI_RESPONSES_EVENT("reasoning_summary_text.done", WHOLE, SUMMARY),
    LLMFI_RESPONSES_EVENT("reasoning_text.done", WHOLE, REASONING),
    LLMFI_RESPONSES_EVENT("refusal.done", WHOLE, REFUSAL),
    LLMFI_RESPONSES_EVENT("output_text.annotation.added", NOTE, ITEM),
    LLMFI_RESPONSES_EVENT("output_item.added", ADDED, ITEM),
    LLMFI_RESPONSES_EVENT("output_item.done", ITEM, ITEM),
    LLMFI_RESPONSES_EVENT("created", BEGIN, ITEM),
    LLMFI_RESPONSES_EVENT("in_progress", BEGIN, ITEM),
    LLMFI_RESPONSES_EVENT("completed", END, ITEM),
    LLMFI_RESPONSES_EVENT("incomplete", END, ITEM),
    LLMFI_RESPONSES_EVENT("failed", END, ITEM),
#undef LLMFI_RESPONSES_EVENT
    { "error", 5, LLMFI_RESPONSES_FAULT, LLMFI_RESPONSES_IN_ITEM }
};

/* What an event tells of. */
typedef struct llmfi_responses_about {
    int what;                                /* LLMFI_RESPONSES_PIECE … */
    llmfi_responses_place place;
} llmfi_responses_about;

static llmfi_responses_about llmfi_responses_about_of(const llmfi_responses_frame *f) {
    int64_t item = llmfi_value_count(&f->output_index), part;
    llmfi_responses_about about;
    int kind = LLMFI_RESPONSES_IN_ITEM;
    size_t i;
    about.what = LLMFI_RESPONSES_NONE;
    for (i = 0; i < LLMFI_COUNT(llmfi_responses_events) && about.what == LLMFI_RESPONSES_NONE; i++) {
        if (!llmfi_eq(f->type.text, llmfi_str(llmfi_responses_events[i].type, llmfi_responses_events[i].len))) continue;
        about.what = llmfi_responses_events[i].what;
        kind = llmfi_responses_events[i].kind;
    }
    part = llmfi_value_count(kind == LLMFI_RESPONSES_IN_SUMMARY ? &f->summary_index : &f->content_index);
    about.place = llmfi_responses_place_of(kind, item < 0 ? 0 : item, part < 0 ? 0 : part);
    return about;
}

/* A piece of a text, or of the arguments of a call. Those name their item, not their call. */
static void llmfi_responses_piece(llmfi_reply *r, const llmfi_responses_about *about, const llmfi_value *delta, const llmfi_value *name) {
    llmfi_json j;
    int at;
    if (about->what == LLMFI_RESPONSES_PIECE) {
        llmfi_responses_tell(r, about->place, delta, false);
        return;
    }
    at = llmfi_responses_call(r, about->place.item, llmfi_str("", 0), name);
    j = llmfi_value_json(delta);
    if (at >= 0 && delta->token == LLMFI_J_STRING) llmfi_reply_tool_args_json(r, at, &j);
}

static void llmfi_responses_event(llmfi_reply *r, llmf_str frame, const llmfi_responses_frame *f, const llmfi_responses_about *about) {
    int64_t item = about->place.item;
    switch (about->what) {
    case LLMFI_RESPONSES_PIECE: case LLMFI_RESPONSES_ARGS: llmfi_responses_piece(r, about, &f->delta, &f->name); break;
    case LLMFI_RESPONSES_WHOLE: llmfi_responses_tell(r, about->place, about->place.kind == LLMFI_RESPONSES_IN_REFUSAL ? &f->refusal : &f->text, true); break;
    case LLMFI_RESPONSES_ARGS_DONE: llmfi_responses_arguments(r, llmfi_responses_call(r, item, llmfi_str("", 0), &f->name), &f->arguments); break;
    case LLMFI_RESPONSES_ADDED: llmfi_responses_added(r, &f->item, item); break;
    case LLMFI_RESPONSES_ITEM: llmfi_responses_done(r, &f->item, item); break;
    case LLMFI_RESPONSES_NOTE: llmfi_responses_cite(r, &f->annotation); break;
    case LLMFI_RESPONSES_BEGIN: case LLMFI_RESPONSES_END: llmfi_responses_object_in(r, &f->response, about->what == LLMFI_RESPONSES_END); break;
    case LLMFI_RESPONSES_FAULT: llmfi_fault_object(r, frame, llmfi_str("", 0)); break;
    default:
        if (!f->type.token && llmfi_value_some(&f->error)) llmfi_fault_object(r, frame, llmfi_str("", 0));
    }
}

/* ---- the usual event ---- */

#if !LLMFI_SMALL

/* One piece after the other comes in events that are the same but for the piece, a counter and padding: holes in a form that is remembered (dialect.front;
   dialect.rest: this). An event that fits it is not read again. That is four fifths of its instructions. */
typedef struct llmfi_responses_usual {
    llmfi_responses_about about;
    struct {
        size_t at, len;
        bool delta, digits;
    } hole[3];
    size_t holes;
} llmfi_responses_usual;

#define LLMFI_RESPONSES_REMEMBER 1024

static void llmfi_responses_hole(llmfi_responses_usual *u, const llmfi_value *v, const char *frame, bool delta) {
    size_t at, i;
    if (v->token != LLMFI_J_STRING && v->token != LLMFI_J_NUMBER) return;
    at = (size_t)(v->text.ptr - frame);
    for (i = u->holes++; i && u->hole[i - 1].at > at; i--) u->hole[i] = u->hole[i - 1];
    u->hole[i].at = at;
    u->hole[i].len = v->text.len;
    u->hole[i].delta = delta;
    u->hole[i].digits = v->token == LLMFI_J_NUMBER;
}

static void llmfi_responses_remember(llmfi_reply *r, llmf_str frame, const llmfi_responses_frame *f, const llmfi_responses_about *about) {
    llmfi_dialect_state *d = &r->dialect;
    llmfi_responses_usual u;
    d->front.len = d->rest.len = 0;
    if (about->what > LLMFI_RESPONSES_ARGS || f->delta.token != LLMFI_J_STRING || frame.len > LLMFI_RESPONSES_REMEMBER) return;
    memset(&u, 0, sizeof u);
    u.about = *about;
    llmfi_responses_hole(&u, &f->delta, frame.ptr, true);
    llmfi_responses_hole(&u, &f->sequence_number, frame.ptr, false);
    llmfi_responses_hole(&u, &f->obfuscation, frame.ptr, false);
    if (!llmfi_buf_add(&d->rest, (const char *)&u, sizeof u) || !llmfi_buf_add(&d->front, frame.ptr, frame.len)) d->front.len = 0; /* refused: only slower */
}

/* What stands in a hole at p: its end, or NULL. A string's end is its quote. */
static const char *llmfi_responses_fill(const char *p, const char *end, bool digits, llmfi_value *v) {
    const char *begin = p;
    uint64_t wide = 0;
    llmfi_json j;
    if (digits) {
        while (p < end && llmfi_is_digit(*p)) p++;
        return p == begin || (*begin == '0' && p > begin + 1) ? NULL : p;
    }
    p = llmfi_json_scan(p, end, &wide);
    v->token = LLMFI_J_STRING;
    v->escaped = p < end && *p == '\\';
    v->wide = wide != 0;
    v->text = llmfi_range(begin, p);
    if (!v->escaped) return p;
    llmfi_json_init(&j, llmfi_range(begin - 1, end), true);
    if (llmfi_json_next(&j) != LLMFI_J_STRING) return NULL;
    v->wide = j.wide;
    v->text = j.text;
    return j.text.ptr + j.text.len;
}

/* True: the frame has the remembered form, and is told. False: nothing has been done. */
static bool llmfi_responses_usual_event(llmfi_reply *r, llmf_str data) {
    const llmfi_responses_usual *u = (const llmfi_responses_usual *)(const void *)r->dialect.rest.ptr;
    const char *p = data.ptr, *end = p + data.len;
    llmf_str form = llmfi_buf_str(&r->dialect.front);
    llmfi_value v, delta;
    size_t i, n, at = 0;                     /* at: in the form */
    if (!form.len) return false;
    memset(&delta, 0, sizeof delta);
    for (i = 0;; i++) {
        n = (i < u->holes ? u->hole[i].at : form.len) - at;
        if ((size_t)(end - p) < n || memcmp(p, form.ptr + at, n) != 0) return false;
        p += n;
        if (i == u->holes) break;
        p = llmfi_responses_fill(p, end, u->hole[i].digits, &v);
        if (!p) return false;
        if (u->hole[i].delta) delta = v;
        at += n + u->hole[i].len;
    }
    if (p < end) return false;
    memset(&v, 0, sizeof v);
    llmfi_responses_piece(r, &u->about, &delta, &v);
    return true;
}

#endif

/* The whole body of a reply, or one event of a stream. */
static void llmfi_responses_on_frame(llmfi_reply *r, llmf_str event, llmf_str data) {
    llmfi_responses_about about;
    llmfi_responses_frame f;
    llmfi_value all;
    llmfi_json j;
    (void)event; /* the type inside counts (RULES 27) */
    if (r->error.code || (r->streamed && data.len < 32 && LLMFI_IS(llmfi_trim(data), "[DONE]"))) return; /* gateways end every stream so */
    llmfi_reply_mark(r);
#if !LLMFI_SMALL
    if (llmfi_responses_usual_event(r, data)) return;
#endif
    memset(&f, 0, sizeof f);
    llmfi_json_init(&j, data, true);
    if (llmfi_json_enter(&j, LLMFI_J_OBJECT)) llmfi_value_read(&j, llmfi_responses_frame_rows, LLMFI_COUNT(llmfi_responses_frame_rows), &f);
    if (!llmfi_frame_end(r, &j, data)) return;
    memset(&all, 0, sizeof all);
    all.token = LLMFI_J_OBJECT;
    all.text = data;
    if (r->streamed) {
        about = llmfi_responses_about_of(&f);
#if !LLMFI_SMALL
        llmfi_responses_remember(r, data, &f, &about);
#endif
        llmfi_responses_event(r, data, &f, &about);
    } else if (f.output.token == LLMFI_J_ARRAY) {
        llmfi_responses_object_in(r, &all, true);
    } else if (llmfi_value_some(&f.error)) {
        llmfi_fault_object(r, data, llmfi_str("", 0));
    } else {
        llmfi_frame_foreign(r, "a response of the Responses API");
    }
}

#endif
