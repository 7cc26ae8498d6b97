/* Operations besides chat, from what the caller gave to what an adapter is asked: which one it is, whether the provider has it, and its input. */
#ifndef LLMFI_ENGINE_OPERATION_H
#define LLMFI_ENGINE_OPERATION_H
#include "../factory/op_table.h"
#include "core.h"
#include "media.h"
#include "request.h"

#if LLMFI_HAS_OPS

/* In the order of LLMF_OP_…: what it is, and the option that has it. */
static const struct {
    const char *what, *name, *option;
    bool built;
} llmfi_op_names[] = {
    {"", "", "", true},
    {"embeddings", "LLMF_OP_EMBED", "EMBED", LLMF_HAS_EMBED},
    {"transcription", "LLMF_OP_TRANSCRIBE", "TRANSCRIBE", LLMF_HAS_TRANSCRIBE},
    {"counting of tokens", "LLMF_OP_COUNT_TOKENS", "COUNT", LLMF_HAS_COUNT},
    {"list of models", "LLMF_OP_LIST_MODELS", "LIST", LLMF_HAS_LIST},
    {"batches of its own", "llmf_start_job", "JOBS", LLMF_HAS_JOBS}
};

static LLMFI_COLD bool llmfi_op_missing(llmfi_call *c) {
    llmfi_text t = llmfi_error_begin(&c->reply.error, LLMF_ERR_UNSUPPORTED);
    LLMFI_SAY(&t, "provider ");
    llmfi_say(&t, c->prepared->record.provider->name);
    LLMFI_SAY(&t, " has no ");
    llmfi_say_c(&t, llmfi_op_names[c->req.op].what);
    LLMFI_SAY(&t, "; these have:");
    llmfi_say_op_hosts(&t, c->req.op);
    return false;
}

/* A base URL of the operation's own, unless the program, a file or a variable has set another than the table's. */
static bool llmfi_op_base(llmfi_call *c, llmfi_settings *s) {
    const llmfi_op_row *host = c->reply.job->host;
    int row = c->prepared->record.provider->row;
    if (host && llmfi_starts(llmfi_cstr(host->url), LLMFI_LIT("https://")) && llmfi_eq(s->base_url, llmfi_cstr(llmfi_provider_rows[row].base_url)))
        s->base_url = llmfi_cstr(host->url);
    return true;
}

/* The settings of this call: the model's own, with what the operation has besides. */
static bool llmfi_op_settings(llmfi_call *c) {
    llmfi_settings *s = (llmfi_settings *)llmfi_call_array(c, 1, sizeof *s);
    if (!s) return false;
    *s = c->prepared->record.s;
    c->ask.model = s;
    return llmfi_op_base(c, s);
}

/* Finds the operation and makes the call's job. */
static bool llmfi_op_begin(llmfi_call *c) {
    const llmfi_op_row *host = NULL;
    const llmfi_operation *o;
    llmfi_job *w;
    int op = c->req.op;
    if (op < 0 || (size_t)op >= LLMFI_COUNT(llmfi_op_names) || (op == LLMF_OP_BATCH && !llmfi_is_bulk(c))) return llmfi_bad(c, "op", "is no LLMF_OP_ value");
    if (!llmfi_op_names[op].built) return llmfi_error_left_out(&c->reply.error, llmfi_op_names[op].name, llmfi_op_names[op].option);
    o = c->prepared->dialect ? NULL : llmfi_op_of(c->prepared->record.provider, op, &host);
    if (!o) return llmfi_op_missing(c);
    w = (llmfi_job *)llmfi_heap_alloc(&c->f->heap, sizeof *w);
    if (!w) return llmfi_out_of_memory(c);
    llmfi_job_init(w, &c->f->heap, o, c->f->desc.max_line);
    w->host = host;
    c->reply.job = c->ask.job = w;
    return llmfi_op_settings(c);
}

/* The caller's input, copied; zeros where there is none. */
static llmf_input *llmfi_op_input(llmfi_call *c) {
    llmf_input *in = (llmf_input *)llmfi_call_array(c, 1, sizeof *in);
    if (in && c->req.input) *in = *c->req.input;
    if (in) c->reply.job->input = in;
    return in;
}

/* A text of the input that ends with NUL. */
static bool llmfi_op_text(llmfi_call *c, const char *name, const char **text) {
    llmfi_field f = llmfi_field_of(c, name, -1);
    return llmfi_take_cstr(&f, "", text);
}

#if LLMF_HAS_EMBED
/* ---- texts to embed ---- */

static bool llmfi_take_embed_texts(llmfi_call *c, llmf_input *in) {
    llmfi_field f = llmfi_field_of(c, "input.texts", 0);
    llmf_str *texts;
    if (!in->texts || !in->text_count) return llmfi_bad(c, "input.texts", "has no text to embed");
    if (in->text_count > UINT32_MAX - 1) return llmfi_bad(c, "input.text_count", "is too large");
    texts = (llmf_str *)llmfi_call_array(c, in->text_count, sizeof *texts);
    if (!texts) return false;
    memcpy(texts, in->texts, in->text_count * sizeof *texts);
    for (; (size_t)f.index < in->text_count; f.index++)
        if (!llmfi_take(&f, "", &texts[f.index])) return false;
    in->texts = texts;
    return true;
}

/* The ARN of a profile names no model. */
static bool llmfi_names_no_model(llmf_str id) {
    return llmfi_starts(id, LLMFI_LIT("arn:")) && llmfi_find_char(id, '.') == LLMFI_NOWHERE;
}

/* What is asked for as an embedding of a model that is known to make none is one of the model that stands beside it for that. */
static void llmfi_take_embed_model(llmfi_call *c) {
    const llmfi_record *r = &c->prepared->record;
    llmfi_settings *s = (llmfi_settings *)(uintptr_t)c->ask.model; /* our own copy */
    bool told = llmfi_member(r->node, LLMFI_LIT("embedding_model")) != NULL, other = told || (r->from_table && !(r->capabilities & LLMF_CAN_EMBED));
    if (other && r->embedding_model.len) s->model_id = r->embedding_model;
    else if (r->from_table || !llmfi_names_no_model(s->model_id)) return;
    s->quirks = r->provider->quirks;
    if (r->provider->row >= 0) s->quirks |= llmfi_family_quirks(r->provider->row, llmfi_names_no_model(s->model_id) ? r->provider->embedding_model : s->model_id);
}

static bool llmfi_take_embed(llmfi_call *c, llmf_input *in) {
    static const char purposes[] = "document\0query\0classification\0clustering\0similarity\0";
    llmfi_job *w = c->reply.job;
    size_t most;
    if (!llmfi_take_embed_texts(c, in) || !llmfi_op_text(c, "input.purpose", &in->purpose)) return false;
    if (in->purpose && llmfi_word_in(purposes, llmfi_cstr(in->purpose)) < 0)
        return llmfi_bad(c, "input.purpose", "must be document, query, classification, clustering or similarity");
    if (in->dimensions < 0) return llmfi_bad(c, "input.dimensions", "must not be negative (0: as many as the model gives)");
    if (in->vectors && (in->vector_cap / in->text_count == 0 || (in->dimensions && in->vector_cap / in->text_count < (uint64_t)in->dimensions)))
        return llmfi_bad(c, "input.vector_cap", "is too small: it takes text_count times the dimensions");
    llmfi_take_embed_model(c);
    w->most = (c->ask.model->quirks & LLMFI_Q_ONE_TEXT) ? 1 : (size_t)c->prepared->record.provider->embedding_batch;
    most = in->text_count;
    if (c->previewing && most > w->most) in->text_count = w->most; /* the first request of several */
    w->split = in->text_count > w->most;
    llmfi_vectors_init(&w->vectors, &c->f->heap, in->vectors, in->vector_cap, c->f->replay ? 0 : most);
    if (in->vectors) w->vectors.asked = most;
    return true;
}
#endif

#if LLMF_HAS_TRANSCRIBE
/* ---- audio ---- */

#if LLMF_HAS_FILES
typedef struct llmfi_open_file {
    FILE *file;
    uint64_t at;                             /* where it stands */
} llmfi_open_file;

/* Bytes of a file, from wherever they are wanted: as a rule from where the last ones ended. */
static bool llmfi_file_read(void *user, uint64_t at, char *out, size_t len) {
    llmfi_open_file *o = (llmfi_open_file *)user;
    if (o->at != at && fseek(o->file, (long)at, SEEK_SET) != 0) return false;
    o->at = at + len;
    if (fread(out, 1, len, o->file) == len) return true;
    o->at = UINT64_MAX; /* nobody knows */
    return false;
}

/* Opens the file of a part; its first bytes go to `head`. */
static bool llmfi_audio_open(llmfi_call *c, const char *path, char *head, size_t *len) {
    llmfi_form_file *to = &c->reply.job->file;
    llmfi_open_file *o = (llmfi_open_file *)llmfi_call_array(c, 1, sizeof *o);
    long size = -1;
    if (!o) return false;
    o->file = fopen(path, "rb");
    if (!o->file) return llmfi_media_refuse(&c->reply.error, LLMF_ERR_ARGUMENT, path, "cannot be opened");
    to->user = o; /* from here on it is closed with the call */
    to->read = llmfi_file_read;
    if (fseek(o->file, 0, SEEK_END) == 0) size = ftell(o->file);
    if (size < 0) return llmfi_media_refuse(&c->reply.error, LLMF_ERR_ARGUMENT, path, "cannot be read: is it a file?");
    to->len = (uint64_t)size;
    o->at = UINT64_MAX;
    if (*len > to->len) *len = (size_t)to->len;
    return llmfi_file_read(o, 0, head, *len) || llmfi_media_refuse(&c->reply.error, LLMF_ERR_ARGUMENT, path, "cannot be read");
}

static void llmfi_audio_close(llmfi_job *w) {
    llmfi_open_file *o = (llmfi_open_file *)w->file.user;
    if (o && o->file) fclose(o->file);
    w->file.user = NULL;
}
#else
static bool llmfi_audio_open(llmfi_call *c, const char *path, char *head, size_t *len) {
    (void)head, (void)len;
    return llmfi_media_refuse(&c->reply.error, LLMF_ERR_NOT_BUILT, path, "this build reads no files (LLMF_NO_FILES): give the bytes in data");
}

static void llmfi_audio_close(llmfi_job *w) {
    (void)w;
}
#endif

/* Servers look at the name's ending. */
static bool llmfi_audio_name(llmfi_call *c, llmf_part *p) {
    size_t i;
    llmf_str media = llmfi_cstr(p->media_type);
    char name[24];
    llmfi_text t = llmfi_text_in(name, sizeof name);
    if (p->name) return true;
    llmfi_say_c(&t, "audio");
    for (i = 0; i < LLMFI_COUNT(llmfi_media_kinds); i++)
        if (llmfi_eq_nocase(media, llmfi_cstr(llmfi_media_kinds[i].media_type))) break;
    if (i < LLMFI_COUNT(llmfi_media_kinds)) llmfi_say_c(&t, llmfi_media_kinds[i].ending);
    p->name = llmfi_arena_copy(&c->arena, llmfi_str(name, t.len)).ptr;
    return !c->arena.failed || llmfi_out_of_memory(c);
}

static bool llmfi_take_audio(llmfi_call *c, llmf_part *p) {
    char head[16];
    size_t len = sizeof head;
    llmfi_form_file *to = &c->reply.job->file;
    if (p->url || (p->data != NULL) + (p->path != NULL) != 1) return llmfi_bad(c, "input.audio", "needs exactly one of data and path");
    if (!llmfi_op_text(c, "input.audio.media_type", &p->media_type) || !llmfi_op_text(c, "input.audio.name", &p->name)) return false;
    if (p->path) {
        if (!llmfi_audio_open(c, p->path, head, &len)) return false;
        if (!p->name) p->name = llmfi_arena_copy(&c->arena, llmfi_cstr(llmfi_media_name(p->path))).ptr;
        if (!p->media_type) p->media_type = llmfi_media_type(llmfi_str(head, len), llmfi_cstr(p->name));
        p->path = NULL;
    } else {
        to->bytes = (const char *)p->data;
        to->len = p->data_len;
        if (!p->media_type) p->media_type = llmfi_media_type(llmfi_str((const char *)p->data, p->data_len), llmfi_cstr(p->name));
    }
    if (!p->media_type) return llmfi_bad(c, "input.audio.media_type", "cannot be told from the bytes; set it, for example to audio/mpeg");
    if (llmfi_header_bad_value(llmfi_cstr(p->media_type)) != LLMFI_NOWHERE) return llmfi_bad(c, "input.audio.media_type", "holds a character that no media type has");
    return llmfi_audio_name(c, p);
}

static bool llmfi_take_transcribe(llmfi_call *c, llmf_input *in) {
    unsigned char random[24];
    llmf_part *p;
    llmfi_field f = llmfi_field_of(c, "prompt", -1);
    if (!in->audio) return llmfi_bad(c, "input.audio", "is NULL: give the audio to transcribe");
    p = (llmf_part *)llmfi_call_array(c, 1, sizeof *p);
    if (!p) return false;
    *p = *in->audio;
    in->audio = p;
    llmfi_some_bytes(c, random, sizeof random);
    llmfi_form_boundary(c->reply.job->boundary, random);
    c->reply.job->segment.start = c->reply.job->segment.end = -1;
    if (c->req.prompt && !llmfi_take_text(&f, "", &c->req.prompt, &c->req.prompt_len)) return false;
    if (!(c->req.temperature == LLMF_ZERO || (c->req.temperature >= 0 && c->req.temperature <= 2)))
        return llmfi_bad(c, "temperature", "must be from 0 to 2 (0: the default; LLMF_ZERO: 0)");
    if (!llmfi_op_text(c, "input.language", &in->language) || !llmfi_op_text(c, "format", &c->req.format)) return false;
    if (c->req.format && llmfi_word_in("text\0json\0", llmfi_cstr(c->req.format)) < 0) return llmfi_bad(c, "format", "of a transcription must be text or json");
    return llmfi_take_audio(c, p);
}
#endif

#if LLMF_HAS_COUNT
/* What is only about the answer does not count. */
static bool llmfi_take_count(llmfi_call *c) {
    llmf_request *r = &c->req;
    r->temperature = r->top_p = 0;
    r->max_tokens = 0;
    r->stop_count = 0;
    r->use_seed = r->stream = false;
    r->user = NULL;
    return true;
}
#endif

/* ---- all of them ---- */

/* Gives back what a call has besides a chat's. */
static void llmfi_op_release(llmfi_call *c) {
    llmfi_job *w = c->reply.job;
    if (!w) return;
#if LLMF_HAS_TRANSCRIBE
    llmfi_audio_close(w);
#endif
    llmfi_job_free(w);
    llmfi_heap_free(&c->f->heap, w);
    c->reply.job = NULL;
}

static bool llmfi_take_by_op(llmfi_call *c, llmf_input *in) {
    switch (c->req.op) {
#if LLMF_HAS_EMBED
    case LLMF_OP_EMBED: return llmfi_take_embed(c, in);
#endif
#if LLMF_HAS_TRANSCRIBE
    case LLMF_OP_TRANSCRIBE: return llmfi_take_transcribe(c, in);
#endif
#if LLMF_HAS_COUNT
    case LLMF_OP_COUNT_TOKENS: return llmfi_take_chat(c) && llmfi_take_count(c);
#endif
    default: return llmfi_op_text(c, "input.page", &in->page);
    }
}

/* Fills c->req and c->ask from the caller's request for an operation besides chat. False with the error in c->reply.error. */
static bool llmfi_take_op(llmfi_call *c) {
    llmfi_field f = llmfi_field_of(c, "user", -1);
    llmf_input *in;
    if (!llmfi_op_begin(c)) return false;
    in = llmfi_op_input(c);
    if (!in) return false;
    if (c->req.op != LLMF_OP_TRANSCRIBE) c->req.stream = false;
    c->reply.streamed = c->req.stream;
    if (!llmfi_take_by_op(c, in)) return false;
    if (c->req.op != LLMF_OP_COUNT_TOKENS && (!llmfi_take_cstr(&f, "", &c->req.user) || !llmfi_take_extra(c) || !llmfi_keep(c))) return false;
    llmfi_take_timeouts(c);
    return llmfi_take_check(c, c->reply.job->op->face.check);
}

#endif
#endif
