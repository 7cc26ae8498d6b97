/* Conversations as JSON, out and in: the members `system` and `messages` of the Request that the command llmf reads. Which members there are stands in tables that both ways
   go by. Nothing is taken from a file that is not whole and known. */
#ifndef LLMFI_TASKS_CONVERSATION_H
#define LLMFI_TASKS_CONVERSATION_H
#include "../base/base64.h"
#include "../base/file.h"
#include "../base/json_tree.h"
#include "../factory/sources.h"
#include "fit.h"
#include "json_view.h"

#if LLMF_HAS_FIT

enum { LLMFI_TALK_VERSION = 1 };

/* What a member is: a text with its length behind it (size_t), a text that ends with NUL, a view, a truth that is only written where it is one, and those with functions. */
enum { LLMFI_TALK_TEXT, LLMFI_TALK_CSTR, LLMFI_TALK_VIEW, LLMFI_TALK_BOOL, LLMFI_TALK_ROLE, LLMFI_TALK_TYPE, LLMFI_TALK_CONTENT, LLMFI_TALK_CALLS, LLMFI_TALK_DATA, LLMFI_TALK_ARGS, LLMFI_TALK_RAW };
typedef struct llmfi_talk_member {
    const char *name;
    int kind;
    size_t at, len_at;
} llmfi_talk_member;

#define LLMFI_TALK(of, member, kind) { #member, LLMFI_TALK_##kind, offsetof(of, member), 0 }
static const llmfi_talk_member llmfi_talk_message[] = {
    LLMFI_TALK(llmf_message, role, ROLE), LLMFI_TALK(llmf_message, content, CONTENT), LLMFI_TALK(llmf_message, reasoning, VIEW), LLMFI_TALK(llmf_message, state, VIEW),
    LLMFI_TALK(llmf_message, tool_calls, CALLS), LLMFI_TALK(llmf_message, tool_call_id, VIEW), LLMFI_TALK(llmf_message, name, VIEW), LLMFI_TALK(llmf_message, is_error, BOOL), { NULL, 0, 0, 0 }
};
static const llmfi_talk_member llmfi_talk_part[] = {
    LLMFI_TALK(llmf_part, type, TYPE), { "text", LLMFI_TALK_TEXT, offsetof(llmf_part, text), offsetof(llmf_part, text_len) }, LLMFI_TALK(llmf_part, path, CSTR),
    LLMFI_TALK(llmf_part, url, CSTR), LLMFI_TALK(llmf_part, data, DATA), LLMFI_TALK(llmf_part, media_type, CSTR), LLMFI_TALK(llmf_part, name, CSTR), LLMFI_TALK(llmf_part, detail, CSTR), { NULL, 0, 0, 0 }
};
static const llmfi_talk_member llmfi_talk_call[] = {
    LLMFI_TALK(llmf_tool_call, id, VIEW), LLMFI_TALK(llmf_tool_call, name, VIEW), LLMFI_TALK(llmf_tool_call, arguments, ARGS), { "arguments_raw", LLMFI_TALK_RAW, offsetof(llmf_tool_call, arguments), 0 }, { NULL, 0, 0, 0 }
};
static const char llmfi_talk_roles[] = "user\0assistant\0system\0tool\0", llmfi_talk_types[] = "text\0image\0audio\0file\0";

/* ---- out ---- */

typedef struct llmfi_talker {
    llmfi_jw w;
    llmf_error *err;
    size_t message;                          /* the one under way */
} llmfi_talker;

static LLMFI_COLD bool llmfi_talk_refuse(llmfi_talker *t, const char *member, const char *what) {
    llmfi_text say;
    if (t->err->code != LLMF_OK) return false;
    say = llmfi_error_begin(t->err, LLMF_ERR_ARGUMENT);
    LLMFI_SAY(&say, "llmf_conversation_save: messages[");
    llmfi_say_int(&say, (int64_t)t->message);
    LLMFI_SAY(&say, "].");
    llmfi_say_c(&say, member);
    LLMFI_SAY(&say, ": ");
    llmfi_say_c(&say, what);
    return false;
}

static void llmfi_talk_str(llmfi_talker *t, const char *member, llmf_str s) {
    if (!llmfi_utf8_valid(s, NULL)) llmfi_talk_refuse(t, member, LLMFI_WORDS("is not valid UTF-8; convert the text first"));
    else llmfi_jw_str(&t->w, s);
}

/* Arguments as they are where that gives the same bytes back. */
static bool llmfi_talk_plain_args(llmf_str args) {
    return args.len && llmfi_trim(args).len == args.len && llmfi_json_valid(args);
}

static void llmfi_talk_write(llmfi_talker *t, const llmfi_talk_member *members, const void *of);

static void llmfi_talk_write_content(llmfi_talker *t, const llmf_message *m) {
    size_t i;
    if (!m->content && !m->part_count) return;
    llmfi_jw_key(&t->w, "content");
    if (!m->part_count) {
        llmfi_talk_str(t, "content", llmfi_fit_text(m->content, m->content_len));
        return;
    }
    llmfi_jw_array(&t->w);
    if (m->content && llmfi_fit_text(m->content, m->content_len).len) { /* which stands before them */
        llmf_part first;
        memset(&first, 0, sizeof first);
        first.text = m->content;
        first.text_len = m->content_len;
        llmfi_talk_write(t, llmfi_talk_part, &first);
    }
    for (i = 0; i < m->part_count; i++) llmfi_talk_write(t, llmfi_talk_part, &m->parts[i]);
    llmfi_jw_array_end(&t->w);
}

static void llmfi_talk_write_calls(llmfi_talker *t, const llmf_message *m) {
    size_t i;
    if (!m->tool_call_count) return;
    llmfi_jw_key(&t->w, "tool_calls");
    llmfi_jw_array(&t->w);
    for (i = 0; i < m->tool_call_count; i++) llmfi_talk_write(t, llmfi_talk_call, &m->tool_calls[i]);
    llmfi_jw_array_end(&t->w);
}

static void llmfi_talk_write_word(llmfi_talker *t, const llmfi_talk_member *m, const char *words, int which) {
    if (which < LLMF_USER || which > LLMF_TOOL) {
        llmfi_talk_refuse(t, m->name, LLMFI_WORDS("is none of the numbers that it may be"));
        return;
    }
    llmfi_jw_key_str(&t->w, llmfi_cstr(m->name));
    llmfi_jw_str(&t->w, llmfi_cstr(llmfi_word_at(words, which)));
}

/* What is not set is left out. */
static void llmfi_talk_write_one(llmfi_talker *t, const llmfi_talk_member *m, const char *of) {
    llmf_str s = llmfi_str("", 0);
    bool there = false;
    switch (m->kind) {
    case LLMFI_TALK_ROLE: llmfi_talk_write_word(t, m, llmfi_talk_roles, *(const int *)(const void *)(of + m->at)); return;
    case LLMFI_TALK_TYPE: llmfi_talk_write_word(t, m, llmfi_talk_types, *(const int *)(const void *)(of + m->at)); return;
    case LLMFI_TALK_CONTENT: llmfi_talk_write_content(t, (const llmf_message *)(const void *)of); return;
    case LLMFI_TALK_CALLS: llmfi_talk_write_calls(t, (const llmf_message *)(const void *)of); return;
    case LLMFI_TALK_BOOL:
        if (!*(const bool *)(of + m->at)) return;
        llmfi_jw_key_str(&t->w, llmfi_cstr(m->name));
        llmfi_jw_bool(&t->w, true);
        return;
    case LLMFI_TALK_DATA: {
        const llmf_part *p = (const llmf_part *)(const void *)of;
        if (!p->data) return;
        llmfi_jw_key_str(&t->w, llmfi_cstr(m->name));
        llmfi_jw_base64_string(&t->w, llmfi_str("", 0), p->data, p->data_len);
        return;
    }
    case LLMFI_TALK_TEXT:
        s = llmfi_fit_text(*(const char *const *)(const void *)(of + m->at), *(const size_t *)(const void *)(of + m->len_at));
        there = *(const char *const *)(const void *)(of + m->at) != NULL;
        break;
    case LLMFI_TALK_CSTR:
        s = llmfi_cstr(*(const char *const *)(const void *)(of + m->at));
        there = *(const char *const *)(const void *)(of + m->at) != NULL;
        break;
    default:
        s = *(const llmf_str *)(const void *)(of + m->at);
        there = s.len != 0;
    }
    if (m->kind == LLMFI_TALK_ARGS || m->kind == LLMFI_TALK_RAW) there = there && llmfi_talk_plain_args(s) == (m->kind == LLMFI_TALK_ARGS);
    if (!there) return;
    llmfi_jw_key_str(&t->w, llmfi_cstr(m->name));
    if (m->kind == LLMFI_TALK_ARGS) llmfi_jw_raw(&t->w, s);
    else llmfi_talk_str(t, m->name, s);
}

static void llmfi_talk_write(llmfi_talker *t, const llmfi_talk_member *members, const void *of) {
    llmfi_jw_object(&t->w);
    for (; members->name && t->err->code == LLMF_OK; members++) llmfi_talk_write_one(t, members, (const char *)of);
    llmfi_jw_object_end(&t->w);
}

static void llmfi_talk_put(llmfi_out *out, const char *system, const llmf_message *messages, size_t count, llmf_error *err) {
    llmfi_talker t;
    t.err = err;
    llmfi_jw_init(&t.w, out);
    llmfi_jw_object(&t.w);
    llmfi_jw_member_int(&t.w, "llmf_conversation", LLMFI_TALK_VERSION);
    if (system && !llmfi_utf8_valid(llmfi_cstr(system), NULL)) llmfi_error_set(err, LLMF_ERR_ARGUMENT, "llmf_conversation_save: system: is not valid UTF-8; convert the text first");
    else if (system) {
        llmfi_jw_key(&t.w, "system");
        llmfi_jw_str(&t.w, llmfi_cstr(system));
    }
    llmfi_jw_key(&t.w, "messages");
    llmfi_jw_array(&t.w);
    for (t.message = 0; t.message < count && err->code == LLMF_OK; t.message++) {
        LLMFI_PUT(out, "\n"); /* a line each */
        llmfi_talk_write(&t, llmfi_talk_message, &messages[t.message]);
    }
    llmfi_jw_array_end(&t.w);
    llmfi_jw_object_end(&t.w);
    LLMFI_PUT(out, "\n");
}

/* Its length, which fits; 0 with *err. */
static size_t llmfi_talk_measure(const char *system, const llmf_message *messages, size_t count, llmf_error *err) {
    llmfi_out out;
    if (count && !messages) llmfi_error_set(err, LLMF_ERR_ARGUMENT, "llmf_conversation_save: messages is NULL but count is not 0");
    else if (count > LLMF_MAX_MESSAGES) llmfi_error_set(err, LLMF_ERR_LIMIT, "llmf_conversation_save: more messages than LLMF_MAX_MESSAGES");
    if (err->code != LLMF_OK) return 0;
    llmfi_out_count(&out);
    llmfi_talk_put(&out, system, messages, count, err);
    if (err->code == LLMF_OK && out.total > LLMF_MAX_CONVERSATION) llmfi_error_set(err, LLMF_ERR_LIMIT, "llmf_conversation_save: the conversation is larger than LLMF_MAX_CONVERSATION");
    return err->code == LLMF_OK ? (size_t)out.total : 0;
}

static void llmfi_talk_file(llmf_factory *f, const char *path, const char *system, const llmf_message *messages, size_t count, size_t len, llmf_error *err) {
#if LLMF_HAS_FILES
    llmfi_out out;
    char *bytes = f ? (char *)llmfi_heap_alloc(&f->heap, len) : NULL;
    if (!f) llmfi_error_set(err, LLMF_ERR_ARGUMENT, "llmf_conversation_save: a file needs a factory, and it is NULL");
    else if (!bytes) llmfi_error_memory(err);
    if (!bytes) return;
    llmfi_out_window(&out, bytes, len, 0);
    llmfi_talk_put(&out, system, messages, count, err);
    (void)llmfi_file_replace(path, bytes, len, err);
    llmfi_heap_free(&f->heap, bytes);
#else
    (void)f, (void)path, (void)system, (void)messages, (void)count, (void)len;
    llmfi_error_left_out(err, "llmf_conversation_save", "FILES");
#endif
}

LLMF_API size_t llmf_conversation_save(llmf_factory *f, const char *path, const char *system, const llmf_message *messages, size_t count, char *out, size_t cap, llmf_error *err) {
    llmf_error why;
    llmfi_out to;
    size_t len;
    llmfi_error_clear(&why);
    len = llmfi_talk_measure(system, messages, count, &why);
    if (len && path) llmfi_talk_file(f, path, system, messages, count, len, &why);
    else if (len && out && cap) {
        llmfi_out_window(&to, out, cap, 0);
        llmfi_talk_put(&to, system, messages, count, &why);
        if (len < cap) out[len] = '\0';
    }
    if (f && why.code != LLMF_OK) f->last_error = why;
    if (err) *err = why;
    return why.code == LLMF_OK ? len : 0;
}

/* ---- in ---- */

typedef struct llmfi_talk_reader {
    llmfi_arena *arena;
    llmf_str text, path;
    llmf_error *err;
} llmfi_talk_reader;

/* at: in the text. */
static LLMFI_COLD bool llmfi_talk_put_bad(llmfi_talk_reader *r, const char *at, const char *what, llmf_str name) {
    uint32_t line, column;
    llmfi_text t;
    if (r->err->code != LLMF_OK) return false;
    llmfi_place(r->text, (size_t)(at - r->text.ptr), &line, &column);
    t = llmfi_report_begin(r->err, r->path, line, column, false);
    llmfi_say_c(&t, what);
    llmfi_say(&t, llmfi_utf8_cut(name, 60));
    return false;
}

static bool llmfi_talk_bad(llmfi_talk_reader *r, const char *at, const char *what) {
    return llmfi_talk_put_bad(r, at, what, llmfi_str("", 0));
}
#if !LLMF_HAS_STRINGS
#define llmfi_talk_bad(r, at, what) llmfi_talk_bad((r), (at), "")
#endif

static bool llmfi_talk_no_memory(llmfi_talk_reader *r) {
    return llmfi_error_memory(r->err);
}

/* A string, decoded, NUL behind it. */
static bool llmfi_talk_string(llmfi_talk_reader *r, llmf_str value, llmf_str *to) {
    llmfi_json j;
    size_t bad = 0;
    llmfi_json_init(&j, value, true);
    if (llmfi_json_next(&j) != LLMFI_J_STRING) return llmfi_talk_bad(r, value.ptr, "must be a string");
    if (!llmfi_json_strict(&j, &bad)) return llmfi_talk_bad(r, j.text.ptr + bad, "invalid UTF-8, or half of a surrogate pair");
    *to = llmfi_json_copy(&j, r->arena);
    return !r->arena->failed || llmfi_talk_no_memory(r);
}

static bool llmfi_talk_is(llmf_str value, char first) {
    return value.len && value.ptr[0] == first;
}

/* How many items; at most `most`. */
static bool llmfi_talk_count(llmfi_talk_reader *r, llmf_str array, size_t most, size_t *count) {
    llmf_str value;
    size_t at = 0;
    *count = 0;
    if (!llmfi_talk_is(array, '[')) return llmfi_talk_bad(r, array.ptr, "must be an array");
    while (llmf_json_each(array, &at, NULL, &value))
        if (++*count > most) return llmfi_talk_bad(r, value.ptr, "too many of them; LLMF_MAX_MESSAGES says how many messages, parts or calls there may be");
    return true;
}

static bool llmfi_talk_read(llmfi_talk_reader *r, const llmfi_talk_member *members, llmf_str object, void *to);

/* An array of things that a table tells of. */
static void *llmfi_talk_array(llmfi_talk_reader *r, const llmfi_talk_member *members, llmf_str array, size_t size, size_t *count) {
    llmf_str value;
    size_t at = 0, i = 0;
    char *to;
    if (!llmfi_talk_count(r, array, LLMF_MAX_MESSAGES, count)) return NULL;
    to = (char *)llmfi_arena_array(r->arena, *count + 1, size);
    if (!to) {
        llmfi_talk_no_memory(r);
        return NULL;
    }
    memset(to, 0, (*count + 1) * size);
    for (; llmf_json_each(array, &at, NULL, &value); i++)
        if (!llmfi_talk_read(r, members, value, to + i * size)) return NULL;
    return to;
}

static bool llmfi_talk_read_content(llmfi_talk_reader *r, llmf_str value, llmf_message *m) {
    llmf_str s;
    if (llmfi_talk_is(value, '[')) {
        m->parts = (const llmf_part *)llmfi_talk_array(r, llmfi_talk_part, value, sizeof *m->parts, &m->part_count);
        return m->parts != NULL;
    }
    if (!llmfi_talk_string(r, value, &s)) return false;
    m->content = s.ptr;
    m->content_len = s.len;
    return true;
}

static bool llmfi_talk_read_data(llmfi_talk_reader *r, llmf_str value, llmf_part *p) {
    llmfi_json j;
    llmf_str raw;
    char *bytes;
    llmfi_json_init(&j, value, true);
    if (llmfi_json_next(&j) != LLMFI_J_STRING) return llmfi_talk_bad(r, value.ptr, "must be a string of base64");
    raw = j.text;
    if (!llmfi_json_plain(&j)) { /* "\/" is a slash too */
        if (!llmfi_talk_string(r, value, &raw)) return false;
    }
    bytes = (char *)llmfi_arena_alloc(r->arena, llmfi_base64_decoded_size(raw) + 1);
    if (!bytes) return llmfi_talk_no_memory(r);
    p->data = bytes;
    return llmfi_base64_decode(raw, bytes, llmfi_base64_decoded_size(raw), &p->data_len) || llmfi_talk_bad(r, value.ptr, "is not base64");
}

static bool llmfi_talk_read_args(llmfi_talk_reader *r, llmf_str value, llmf_tool_call *c) {
    if (c->arguments.len) return llmfi_talk_bad(r, value.ptr, "arguments and arguments_raw: only one of them may be there");
    if (!llmfi_utf8_valid(value, NULL)) return llmfi_talk_bad(r, value.ptr, "invalid UTF-8");
    c->arguments = llmfi_arena_copy(r->arena, value);
    return !r->arena->failed || llmfi_talk_no_memory(r);
}

static bool llmfi_talk_read_word(llmfi_talk_reader *r, llmf_str value, const char *words, int *to, const char *what) {
    llmf_str s;
    if (!llmfi_talk_string(r, value, &s)) return false;
    *to = s.len ? llmfi_word_in(words, s) : -1;
    return *to >= 0 || (llmfi_talk_bad)(r, value.ptr, what);
}

static bool llmfi_talk_read_one(llmfi_talk_reader *r, const llmfi_talk_member *m, llmf_str value, char *of) {
    llmf_tool_call *call = (llmf_tool_call *)(void *)of;
    llmf_message *message = (llmf_message *)(void *)of;
    llmf_str s;
    switch (m->kind) {
    case LLMFI_TALK_ROLE: return llmfi_talk_read_word(r, value, llmfi_talk_roles, (int *)(void *)(of + m->at), LLMFI_WORDS("must be user, assistant, system or tool"));
    case LLMFI_TALK_TYPE: return llmfi_talk_read_word(r, value, llmfi_talk_types, (int *)(void *)(of + m->at), LLMFI_WORDS("must be text, image, audio or file"));
    case LLMFI_TALK_CONTENT: return llmfi_talk_read_content(r, value, message);
    case LLMFI_TALK_CALLS:
        message->tool_calls = (const llmf_tool_call *)llmfi_talk_array(r, llmfi_talk_call, value, sizeof *message->tool_calls, &message->tool_call_count);
        return message->tool_calls != NULL;
    case LLMFI_TALK_DATA: return llmfi_talk_read_data(r, value, (llmf_part *)(void *)of);
    case LLMFI_TALK_ARGS: return llmfi_talk_read_args(r, value, call);
    case LLMFI_TALK_BOOL:
        if (!llmfi_eq(value, LLMFI_LIT("true")) && !llmfi_eq(value, LLMFI_LIT("false"))) return llmfi_talk_bad(r, value.ptr, "must be true or false");
        *(bool *)(of + m->at) = value.len == 4;
        return true;
    case LLMFI_TALK_RAW:
        if (call->arguments.len) return llmfi_talk_bad(r, value.ptr, "arguments and arguments_raw: only one of them may be there");
        if (!llmfi_talk_string(r, value, &call->arguments)) return false;
        call->invalid = !llmfi_json_valid(call->arguments);
        return true;
    default: break;
    }
    if (!llmfi_talk_string(r, value, &s)) return false;
    if (m->kind == LLMFI_TALK_VIEW) {
        *(llmf_str *)(void *)(of + m->at) = s;
        return true;
    }
    if (m->kind == LLMFI_TALK_CSTR && llmfi_find_char(s, '\0') != LLMFI_NOWHERE) return llmfi_talk_bad(r, value.ptr, "holds a NUL");
    *(const char **)(void *)(of + m->at) = s.ptr;
    if (m->kind == LLMFI_TALK_TEXT) *(size_t *)(void *)(of + m->len_at) = s.len;
    return true;
}

/* One object by its table: each member at most once, the first of the table always. */
static bool llmfi_talk_read(llmfi_talk_reader *r, const llmfi_talk_member *members, llmf_str object, void *to) {
    llmf_str key, value;
    size_t at = 0;
    uint32_t seen = 0;
    int i;
    for (i = 0; members[i].name; i++)
        if (members[i].kind == LLMFI_TALK_VIEW || members[i].kind == LLMFI_TALK_ARGS) *(llmf_str *)(void *)((char *)to + members[i].at) = llmfi_str("", 0);
    if (!llmfi_talk_is(object, '{')) return llmfi_talk_bad(r, object.ptr, "must be an object");
    while (llmf_json_each(object, &at, &key, &value)) {
        for (i = 0; members[i].name && !llmfi_eq(key, llmfi_cstr(members[i].name)); i++) continue;
        if (!members[i].name) return llmfi_talk_put_bad(r, key.ptr, LLMFI_WORDS("unknown key "), key);
        if (seen >> i & 1) return llmfi_talk_put_bad(r, key.ptr, LLMFI_WORDS("there is a second "), key);
        seen |= UINT32_C(1) << i;
        if (!llmfi_eq(value, LLMFI_LIT("null")) && !llmfi_talk_read_one(r, &members[i], value, (char *)to)) return false;
    }
    if (members == llmfi_talk_call || (seen & 1)) return true;
    return llmfi_talk_put_bad(r, object.ptr, LLMFI_WORDS("there must be a "), llmfi_cstr(members[0].name));
}

static bool llmfi_talk_top(llmfi_talk_reader *r, llmf_request *to) {
    llmf_str key, value, s;
    size_t at = 0;
    int64_t version;
    while (llmf_json_each(r->text, &at, &key, &value)) {
        if (LLMFI_IS(key, "llmf_conversation")) {
            if (!llmfi_parse_int(value, &version)) return llmfi_talk_bad(r, value.ptr, "must be a whole number, the version of the format");
            if (version != LLMFI_TALK_VERSION) return llmfi_talk_bad(r, value.ptr, "is of another version than this library reads, which is 1");
        } else if (LLMFI_IS(key, "system")) {
            if (to->system) return llmfi_talk_put_bad(r, key.ptr, LLMFI_WORDS("there is a second "), key);
            if (llmfi_eq(value, LLMFI_LIT("null"))) continue;
            if (!llmfi_talk_string(r, value, &s)) return false;
            if (llmfi_find_char(s, '\0') != LLMFI_NOWHERE) return llmfi_talk_bad(r, value.ptr, "holds a NUL");
            to->system = s.ptr;
            to->system_len = s.len;
        } else if (LLMFI_IS(key, "messages")) {
            if (to->messages) return llmfi_talk_put_bad(r, key.ptr, LLMFI_WORDS("there is a second "), key);
            to->messages = (const llmf_message *)llmfi_talk_array(r, llmfi_talk_message, value, sizeof *to->messages, &to->message_count);
            if (!to->messages) return false;
        } else {
            return llmfi_talk_put_bad(r, key.ptr, LLMFI_WORDS("a conversation has llmf_conversation, system and messages, not "), key);
        }
    }
    return to->messages || llmfi_talk_bad(r, r->text.ptr, "there are no messages");
}

static bool llmfi_talk_parse(llmfi_talk_reader *r, llmf_request *to) {
    size_t bad = 0;
    llmf_str whole = llmfi_trim(r->text);
    if (r->text.len > LLMF_MAX_CONVERSATION) return llmfi_talk_bad(r, r->text.ptr, "is larger than LLMF_MAX_CONVERSATION");
    if (!llmf_json_valid(r->text, &bad)) return llmfi_talk_bad(r, r->text.ptr + (bad < r->text.len ? bad : r->text.len), "not valid JSON from here on; was the file cut?");
    if (!llmfi_talk_is(whole, '{')) return llmfi_talk_bad(r, whole.ptr, "must be an object with messages");
    return llmfi_talk_top(r, to);
}

#if LLMF_HAS_FILES
static void llmfi_talk_problem(void *user, const llmf_error *e, bool warning) {
    (void)warning;
    *(llmf_error *)user = *e;
}
#endif

/* The file goes away again once it is read: nothing points into it. */
static bool llmfi_talk_from_file(llmf_factory *f, llmfi_talk_reader *r, llmf_request *to) {
#if LLMF_HAS_FILES
    llmfi_report report = llmfi_report_to(llmfi_talk_problem, r->err);
    llmfi_buf bytes;
    bool ok = false;
    llmfi_buf_init(&bytes, &f->heap, 0);
    switch (llmfi_source_read_most(r->path, LLMF_MAX_CONVERSATION, &bytes, &report)) {
    case LLMFI_SOURCE_READ:
        r->text = llmfi_str(bytes.ptr ? bytes.ptr : "", bytes.len);
        ok = llmfi_talk_parse(r, to);
        break;
    case LLMFI_SOURCE_MEMORY: llmfi_error_memory(r->err); break;
    default: break;
    }
    llmfi_buf_free(&bytes);
    return ok;
#else
    (void)f, (void)to;
    return llmfi_error_left_out(r->err, "llmf_conversation_load", "FILES");
#endif
}

/* The arena is a piece of its own: *p may be copied about. */
static bool llmfi_talk_load(llmf_factory *f, const char *path, llmf_str text, llmf_rendered *p, llmf_error *err) {
    llmfi_talk_reader r;
    if (!f || (!path && !text.ptr)) return llmfi_error_set(err, LLMF_ERR_ARGUMENT, "llmf_conversation_load: the factory is NULL, or there is neither a path nor a text");
    r.arena = (llmfi_arena *)llmfi_heap_alloc(&f->heap, sizeof *r.arena);
    if (!r.arena) return llmfi_error_memory(err);
    llmfi_arena_init(r.arena, &f->heap, 0);
    r.text = text;
    r.path = path ? llmfi_cstr(path) : LLMFI_LIT("conversation");
    r.err = err;
    p->memory = r.arena;
    if (text.ptr ? llmfi_talk_parse(&r, &p->request) : llmfi_talk_from_file(f, &r, &p->request)) return true;
    llmfi_arena_free(r.arena);
    llmfi_heap_free(&f->heap, r.arena);
    return false;
}

LLMF_API llmf_result llmf_conversation_load_abi(llmf_factory *f, const char *path, llmf_str text, llmf_rendered *p, size_t p_size, llmf_error *err) {
    llmf_rendered made;
    llmf_error why;
    memset(&made, 0, sizeof made);
    llmfi_error_clear(&why);
    if (!p) llmfi_error_set(&why, LLMF_ERR_ARGUMENT, "llmf_conversation_load: p is NULL");
    else if (!llmfi_talk_load(f, path, text, &made, &why)) memset(&made, 0, sizeof made);
    made.model = llmfi_str("", 0);
    if (p) memcpy(p, &made, p_size < sizeof made ? p_size : sizeof made);
    if (f && why.code != LLMF_OK) f->last_error = why;
    if (err) *err = why;
    return (llmf_result)why.code;
}

#else

LLMF_API size_t llmf_conversation_save(llmf_factory *f, const char *path, const char *system, const llmf_message *messages, size_t count, char *out, size_t cap, llmf_error *err) {
    llmf_error local;
    (void)path, (void)system, (void)messages, (void)count, (void)out, (void)cap;
    if (!err) err = f ? &f->last_error : &local;
    llmfi_error_left_out(err, "llmf_conversation_save", "FIT");
    return 0;
}

LLMF_API llmf_result llmf_conversation_load_abi(llmf_factory *f, const char *path, llmf_str text, llmf_rendered *p, size_t p_size, llmf_error *err) {
    llmf_error local;
    (void)path, (void)text;
    if (!err) err = f ? &f->last_error : &local;
    llmfi_error_left_out(err, "llmf_conversation_load", "FIT");
    if (p) memset(p, 0, p_size);
    return LLMF_ERR_NOT_BUILT;
}

#endif
#endif
