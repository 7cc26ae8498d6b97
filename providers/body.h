/* A request's body as a thing to read: in windows of any size, again from the start, or all at once into a counter or a hash. Never held whole: each window
   is written anew from the step it begins in. And what bodies of several dialects have in common. */
#ifndef LLMFI_PROVIDERS_BODY_H
#define LLMFI_PROVIDERS_BODY_H
#include "../src/base/json_tree.h"
#include "../src/wire/url.h"
#include "adapter.h"

/* Plain data: copy it to remember a place. */
typedef struct llmfi_body {
    const llmfi_adapter *adapter;
    const llmfi_ask *ask;
    uint64_t at;                             /* bytes read so far */
    unsigned step;                           /* the step that byte `at` is in, … */
    uint64_t start;                          /* … where it begins, … */
    llmfi_jw w;                              /* … and the writer there (its `out` means nothing) */
    bool over;                               /* no step is left */
    bool bad;                                /* the adapter misused its writer: the body is no JSON, and ends here */
} llmfi_body;

/* adapter and ask stay the caller's, unchanged as long as the body is read. */
LLMFI_UNUSED static void llmfi_body_init(llmfi_body *b, const llmfi_adapter *adapter, const llmfi_ask *ask) {
    memset(b, 0, sizeof *b);
    b->adapter = adapter;
    b->ask = ask;
    llmfi_jw_init(&b->w, NULL);
}

LLMFI_UNUSED static void llmfi_body_rewind(llmfi_body *b) {
    llmfi_body_init(b, b->adapter, b->ask);
}

/* One step from the checkpoint into `o`; moves the checkpoint behind it if `until`, the bytes that are then read, covers it. */
static void llmfi_body_step(llmfi_body *b, llmfi_out *o, uint64_t until) {
    llmfi_jw w = b->w;
    bool more;
    w.out = o;
    more = b->adapter->body(b->ask, b->step, &w);
    if (w.bad) b->bad = true;
    if (b->bad) b->over = true;
    if (b->bad || until < b->start + o->total) return;
    b->start += o->total;
    b->step++;
    b->w = w;
    b->over = !more;
}

/* The next bytes, at most cap; 0: no more (or cap is 0). */
LLMFI_UNUSED static size_t llmfi_body_read(llmfi_body *b, char *out, size_t cap) {
    size_t n = 0;
    while (n < cap && !b->over) {
        llmfi_out o;
        llmfi_out_window(&o, out + n, cap - n, b->at - b->start);
        llmfi_body_step(b, &o, b->at + (cap - n));
        n += o.len;
        b->at += o.len;
    }
    return n;
}

/* All of it, from the start, into `o`: a counter, a hash (its tap), a buffer. False: the adapter misused its writer. */
LLMFI_UNUSED static bool llmfi_body_emit(const llmfi_adapter *adapter, const llmfi_ask *ask, llmfi_out *o) {
    unsigned step = 0;
    llmfi_jw w;
    llmfi_jw_init(&w, o);
    while (adapter->body(ask, step++, &w) && !w.bad) continue;
    return llmfi_jw_done(&w);
}

/* Its length, in one pass. False: as llmfi_body_emit. */
LLMFI_UNUSED static bool llmfi_body_length(const llmfi_adapter *adapter, const llmfi_ask *ask, uint64_t *length) {
    llmfi_out o;
    bool good;
    llmfi_out_count(&o);
    good = llmfi_body_emit(adapter, ask, &o);
    *length = o.total;
    return good;
}

/* ---- what several dialects need ---- */

/* A refusal with a field's name in front: "temperature: this model refuses it". The first stays. */
LLMFI_UNUSED static LLMFI_COLD void llmfi_refuse(llmfi_refusal *refusal, int code, const char *field, const char *text) {
    llmfi_text t;
    if (refusal->code != LLMF_OK) return;
    t = llmfi_text_in(refusal->text, sizeof refusal->text);
    refusal->code = code;
    llmfi_say_c(&t, field);
    LLMFI_SAY(&t, ": ");
    llmfi_say_c(&t, text);
}
#if !LLMF_HAS_STRINGS
#define llmfi_refuse(refusal, code, field, text) ((void)(text), llmfi_refuse((refusal), (code), (field), ""))
#endif

#if LLMF_HAS_EXTRA || LLMF_HAS_CONFIG

/* The extra member of that name, the request's before the model's; NULL: there is none. */
LLMFI_UNUSED static const llmfi_node *llmfi_extra(const llmfi_ask *a, llmf_str name) {
    const llmfi_node *n = a->extra ? llmfi_member(a->extra, name) : NULL;
    return n || !a->model->extra ? n : llmfi_member(a->model->extra, name);
}

/* The same of the object `inside` among them, which is laid over ours member by member: one more option is no reason to lose the others. */
LLMFI_UNUSED static const llmfi_node *llmfi_extra_in(const llmfi_ask *a, llmf_str inside, llmf_str name) {
    const llmfi_node *n = llmfi_member(llmfi_member(a->extra, inside), name);
    return n ? n : llmfi_member(llmfi_member(a->model->extra, inside), name);
}

/* Writes the members of both objects, those of `over` before those of `under` with the same key; not the member `but`. Either may be NULL. */
static void llmfi_extra_lay(const llmfi_node *under, const llmfi_node *over, llmf_str but, llmfi_jw *w) {
    const llmfi_node *n;
    int i;
    for (i = 0; i < 2; i++, under = over)
        for (n = under && under->type == LLMFI_OBJECT ? under->child : NULL; n; n = n->next) {
            if ((but.ptr && llmfi_eq(n->key, but)) || (i == 0 && llmfi_member(over, n->key))) continue;
            llmfi_jw_key_str(w, n->key);
            llmfi_node_write(w, n);
        }
}

/* Writes all extra members into the object that is open. What the dialect itself has written must not be among them: ask llmfi_extra first. */
LLMFI_UNUSED static void llmfi_extra_write(const llmfi_ask *a, llmfi_jw *w) {
    llmfi_extra_lay(a->model->extra, a->extra, llmfi_str(NULL, 0), w);
}

/* The same without the object `inside`, whose members llmfi_extra_write_in writes where they belong. */
LLMFI_UNUSED static void llmfi_extra_write_but(const llmfi_ask *a, llmfi_jw *w, llmf_str inside) {
    llmfi_extra_lay(a->model->extra, a->extra, inside, w);
}

LLMFI_UNUSED static void llmfi_extra_write_in(const llmfi_ask *a, llmfi_jw *w, llmf_str inside) {
    llmfi_extra_lay(llmfi_member(a->model->extra, inside), llmfi_member(a->extra, inside), llmfi_str(NULL, 0), w);
}

#else

LLMFI_UNUSED static const llmfi_node *llmfi_extra(const llmfi_ask *a, llmf_str name) {
    (void)a, (void)name;
    return NULL;
}

LLMFI_UNUSED static void llmfi_extra_write(const llmfi_ask *a, llmfi_jw *w) {
    (void)a, (void)w;
}

LLMFI_UNUSED static const llmfi_node *llmfi_extra_in(const llmfi_ask *a, llmf_str inside, llmf_str name) {
    (void)a, (void)inside, (void)name;
    return NULL;
}

LLMFI_UNUSED static void llmfi_extra_write_but(const llmfi_ask *a, llmfi_jw *w, llmf_str inside) {
    (void)a, (void)w, (void)inside;
}

LLMFI_UNUSED static void llmfi_extra_write_in(const llmfi_ask *a, llmfi_jw *w, llmf_str inside) {
    (void)a, (void)w, (void)inside;
}

#endif

/* "4096 tokens": true, and the number. */
LLMFI_UNUSED static bool llmfi_reasoning_tokens(const char *reasoning, int64_t *tokens) {
    llmf_str s = llmfi_trim(llmfi_cstr(reasoning));
    if (!llmfi_ends(s, LLMFI_LIT("tokens"))) return false;
    return llmfi_parse_int(llmfi_trim(llmfi_str(s.ptr, s.len - 6)), tokens) && *tokens > 0;
}

/* What a content_len, text_len … of the engine's stands for. */
LLMFI_UNUSED static llmf_str llmfi_text_at(const char *ptr, size_t len) {
    return llmfi_str(ptr ? ptr : "", ptr ? len : 0);
}

/* All but the unreserved characters of RFC 3986 percent-encoded: a segment of a path, a query's value. */
LLMFI_UNUSED static void llmfi_put_url(llmfi_out *out, llmf_str text) {
    static const char hex[] = "0123456789ABCDEF";
    while (text.len) {
        size_t plain = llmfi_char_span(text, LLMFI_CHAR_UNRESERVED);
        llmfi_put(out, text.ptr, plain);
        text = llmfi_from(text, plain);
        if (!text.len) return;
        llmfi_put_char(out, '%');
        llmfi_put_char(out, hex[(unsigned char)text.ptr[0] >> 4]);
        llmfi_put_char(out, hex[(unsigned char)text.ptr[0] & 15]);
        text = llmfi_from(text, 1);
    }
}

/* A segment that would leave its place: a model's name must not choose another endpoint. */
LLMFI_UNUSED static bool llmfi_strays(llmf_str segment) {
    return !segment.len || LLMFI_IS(segment, ".") || LLMFI_IS(segment, "..");
}

/* ---- what several dialects write alike ---- */

LLMFI_UNUSED static void llmfi_jw_strings(llmfi_jw *w, const char *const *texts, size_t count) {
    size_t i;
    llmfi_jw_array(w);
    for (i = 0; i < count; i++) llmfi_jw_str(w, llmfi_cstr(texts[i]));
    llmfi_jw_array_end(w);
}

/* {"type":"text","text":…} */
LLMFI_UNUSED static void llmfi_jw_text_part(llmfi_jw *w, llmf_str text) {
    llmfi_jw_object(w);
    llmfi_jw_member_lit(w, "type", "text");
    llmfi_jw_member_str(w, "text", text);
    llmfi_jw_object_end(w);
}

/* "type":"function","function":{ */
LLMFI_UNUSED static LLMFI_SHORT void llmfi_jw_function_begin(llmfi_jw *w) {
    llmfi_jw_member_lit(w, "type", "function");
    llmfi_jw_key(w, "function");
    llmfi_jw_object(w);
}

/* The calls of an assistant message: [{"id","type":"function","function":{"name","arguments":"…"}}] */
LLMFI_UNUSED static void llmfi_jw_function_calls(llmfi_jw *w, const llmf_message *m) {
    size_t i;
    llmfi_jw_array(w);
    for (i = 0; i < m->tool_call_count; i++) {
        const llmf_tool_call *c = &m->tool_calls[i];
        llmfi_jw_object(w);
        llmfi_jw_member_str(w, "id", c->id);
        llmfi_jw_function_begin(w);
        llmfi_jw_member_str(w, "name", c->name);
        llmfi_jw_member_str(w, "arguments", c->arguments.len ? c->arguments : LLMFI_LIT("{}"));
        llmfi_jw_object_end(w);
        llmfi_jw_object_end(w);
    }
    llmfi_jw_array_end(w);
}

/* A tool: {"type":"function","function":{"name","description","parameters"}} */
LLMFI_UNUSED static void llmfi_jw_function(const llmfi_ask *a, size_t at, llmfi_jw *w) {
    const llmf_tool *t = &a->req->tools[at];
    llmfi_jw_object(w);
    llmfi_jw_function_begin(w);
    llmfi_jw_member_cstr(w, "name", t->name);
    if (t->description && *t->description) llmfi_jw_member_cstr(w, "description", t->description);
    llmfi_jw_key(w, "parameters");
    if (a->schemas && a->schemas[at]) llmfi_node_write(w, a->schemas[at]);
    else if (!LLMF_HAS_SCHEMA && t->parameters) llmfi_jw_raw(w, llmfi_cstr(t->parameters));
    else llmfi_jw_raw(w, LLMFI_LIT("{\"type\":\"object\",\"properties\":{}}"));
    llmfi_jw_object_end(w);
    llmfi_jw_object_end(w);
}

/* The media type of a part: as given, else by its first bytes, else by its name. */
LLMFI_UNUSED static llmf_str llmfi_part_media(const llmf_part *p) {
    static const struct {
        const char *bytes;
        size_t at, len;
        const char *media;
    } magic[] = {
        { "\x89PNG", 0, 4, "image/png" }, { "\xff\xd8\xff", 0, 3, "image/jpeg" }, { "GIF8", 0, 4, "image/gif" }, { "WEBP", 8, 4, "image/webp" },
        { "%PDF", 0, 4, "application/pdf" }, { "WAVE", 8, 4, "audio/wav" }, { "ID3", 0, 3, "audio/mpeg" }, { "\xff\xfb", 0, 2, "audio/mpeg" },
        { "\xff\xf3", 0, 2, "audio/mpeg" }, { "OggS", 0, 4, "audio/ogg" }, { "fLaC", 0, 4, "audio/flac" }, { "ftypM4A", 4, 7, "audio/mp4" },
        { "ftyp", 4, 4, "video/mp4" }
    };
    static const struct {
        const char *end, *media;
    } names[] = {
        { ".png", "image/png" }, { ".jpg", "image/jpeg" }, { ".jpeg", "image/jpeg" }, { ".gif", "image/gif" }, { ".webp", "image/webp" },
        { ".pdf", "application/pdf" }, { ".wav", "audio/wav" }, { ".mp3", "audio/mpeg" }, { ".ogg", "audio/ogg" }, { ".flac", "audio/flac" },
        { ".m4a", "audio/mp4" }, { ".txt", "text/plain" }, { ".md", "text/markdown" }, { ".csv", "text/csv" }, { ".json", "application/json" },
        { ".html", "text/html" }
    };
    const char *data = (const char *)p->data;
    llmf_str name = llmfi_cstr(p->name ? p->name : p->path ? p->path : "");
    size_t i;
    if (p->media_type && *p->media_type) return llmfi_cstr(p->media_type);
    for (i = 0; data && i < LLMFI_COUNT(magic); i++)
        if (p->data_len >= magic[i].at + magic[i].len && memcmp(data + magic[i].at, magic[i].bytes, magic[i].len) == 0) return llmfi_cstr(magic[i].media);
    for (i = 0; i < LLMFI_COUNT(names); i++) {
        llmf_str end = llmfi_cstr(names[i].end);
        if (name.len > end.len && llmfi_eq_nocase(llmfi_from(name, name.len - end.len), end)) return llmfi_cstr(names[i].media);
    }
    return p->type == LLMF_PART_IMAGE ? LLMFI_LIT("image/png") : p->type == LLMF_PART_AUDIO ? LLMFI_LIT("audio/wav") : LLMFI_LIT("application/octet-stream");
}

/* "data:image/png;base64,AAAA": true, its media type and its base64 text. */
LLMFI_UNUSED static bool llmfi_data_url(llmf_str url, llmf_str *media, llmf_str *base64) {
    size_t comma = llmfi_find_char(url, ','), semicolon;
    llmf_str head;
    if (comma == LLMFI_NOWHERE || url.len < 5 || !llmfi_eq_nocase(llmfi_str(url.ptr, 5), LLMFI_LIT("data:"))) return false;
    head = llmfi_str(url.ptr + 5, comma - 5);
    if (head.len < 7 || !llmfi_eq_nocase(llmfi_from(head, head.len - 7), LLMFI_LIT(";base64"))) return false;
    semicolon = llmfi_find_char(head, ';');
    *media = llmfi_str(head.ptr, semicolon);
    *base64 = llmfi_from(url, comma + 1);
    return true;
}

/* The URL of a part as a string: its own, or a data: URL of its bytes. */
LLMFI_UNUSED static void llmfi_jw_media_url(llmfi_jw *w, const llmf_part *p) {
    if (p->data) {
        llmfi_jw_str_begin(w);
        llmfi_jw_str_piece(w, LLMFI_LIT("data:"));
        llmfi_jw_str_piece(w, llmfi_part_media(p));
        llmfi_jw_str_piece(w, LLMFI_LIT(";base64,"));
        llmfi_put_base64(w->out, p->data, p->data_len);
        llmfi_jw_str_end(w);
    } else {
        llmfi_jw_str(w, llmfi_cstr(p->url));
    }
}

/* {"type":"image_url","image_url":{"url":…,"detail":…}}: a part with bytes becomes a data: URL. */
LLMFI_UNUSED static void llmfi_jw_image_part(llmfi_jw *w, const llmf_part *p) {
    llmfi_jw_object(w);
    llmfi_jw_member_lit(w, "type", "image_url");
    llmfi_jw_key(w, "image_url");
    llmfi_jw_object(w);
    llmfi_jw_key(w, "url");
    llmfi_jw_media_url(w, p);
    if (p->detail && *p->detail) llmfi_jw_member_cstr(w, "detail", p->detail);
    llmfi_jw_object_end(w);
    llmfi_jw_object_end(w);
}

#endif
