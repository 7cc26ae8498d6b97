/* Tokens counted here, not by the provider: handles of rank files, what a model's ids tell of its tokeniser, and what a request counts. The public side is tasks/tokens.h. */
#ifndef LLMFI_ENGINE_TOKENS_H
#define LLMFI_ENGINE_TOKENS_H
#include "core.h"
#include "../base/bpe.h"
#include "../base/bpe_estimate.h"

#if LLMF_HAS_TOKENS

struct llmf_tokens {
    llmfi_ranks ranks;
    llmfi_splitter splitter;
    llmfi_store store;
    llmfi_words words;
    uint32_t *image;                         /* NULL: the program's own */
    size_t image_size;
};

/* ---- opening ---- */

static bool llmfi_tokens_store(llmfi_store *s, llmfi_heap *heap, const llmf_tokens_desc *d, llmf_error *err) {
    memset(s, 0, sizeof *s);
    if (d->memory) {
        size_t skip = (LLMFI_ALIGN - (size_t)((uintptr_t)d->memory % LLMFI_ALIGN)) % LLMFI_ALIGN;
        s->block = (char *)d->memory + skip;
        s->left = d->memory_size > skip ? d->memory_size - skip : 0;
    } else if (d->alloc) {
        s->alloc = d->alloc;
        s->user = d->user;
    } else if (heap) {
        s->heap = heap;
    } else {
#if LLMF_HAS_MALLOC
        s->alloc = llmfi_stdlib_alloc;
#else
        return llmfi_error_set(err, LLMF_ERR_ARGUMENT, "llmf_tokens_open: this build has no malloc (LLMF_NO_MALLOC, LLMF_NO_STDLIB): give it a factory, llmf_tokens_desc.memory or alloc");
#endif
    }
    (void)err;
    return true;
}

static bool llmfi_tokens_memory(size_t needs, llmf_error *err) {
    llmfi_text t = llmfi_error_begin(err, LLMF_ERR_MEMORY);
    LLMFI_SAY(&t, "the ranks need ");
    llmfi_say_int(&t, (int64_t)needs);
    LLMFI_SAY(&t, " bytes in one piece (of a factory's heap the power of two above), which cannot be had: raise llmf_tokens_desc.memory_size, or llmf_desc.memory_size");
    return false;
}

/* Twice: `from` and `end` are where it begins again, if it is in memory. */
static bool llmfi_tokens_read(llmf_tokens *t, llmfi_rank_reader *in, const char *from, const char *end, int encoding, llmf_error *err) {
    uint32_t head[LLMFI_IMAGE_HEAD];
    memset(head, 0, sizeof head);
    if (!llmfi_ranks_measure(in, head, err)) return false;
    head[LLMFI_IMAGE_ENCODING] = (uint32_t)encoding;
    t->image_size = llmfi_image_size(head[LLMFI_IMAGE_COUNT], head[LLMFI_IMAGE_SLOTS], head[LLMFI_IMAGE_BYTES]);
    t->image = (uint32_t *)llmfi_store_get(&t->store, t->image_size);
    if (!t->image) return llmfi_tokens_memory(t->image_size, err);
    memcpy(t->image, head, sizeof head);
    in->at = from;
    in->end = end;
#if LLMF_HAS_FILES
    if (in->file) {
        rewind(in->file);
        in->at = in->end = in->buffer;
    }
#endif
    return llmfi_ranks_fill(in, t->image, &t->ranks, err) && llmfi_ranks_check(in, t->image, &t->ranks, err);
}

static bool llmfi_tokens_load(llmf_tokens *t, const llmf_tokens_desc *d, int encoding, llmf_error *err) {
    const char *text = (const char *)d->bytes;
    llmfi_rank_reader in;
    bool ok;
    memset(&in, 0, sizeof in);
    if (text) {
        in.name = "llmf_tokens_desc.bytes";
        in.at = text;
        in.end = text + d->len;
        if (d->len > 4 && (memcmp(text, "LRK1", 4) == 0 || memcmp(text, "1KRL", 4) == 0)) return llmfi_image_open(&t->ranks, d->bytes, d->len, err);
        return llmfi_tokens_read(t, &in, in.at, in.end, encoding, err);
    }
#if LLMF_HAS_FILES
    in.name = d->path;
    in.at = in.end = in.buffer;
    in.file = fopen(d->path, "rb");
    if (!in.file) return llmfi_error_about(err, LLMF_ERR_CONFIG, "", llmfi_cstr(d->path), ": the file of ranks cannot be read; is the path right?");
    setvbuf(in.file, NULL, _IONBF, 0); /* the reader has a buffer of its own */
    ok = llmfi_tokens_read(t, &in, in.buffer, in.buffer, encoding, err);
    fclose(in.file);
    return ok;
#else
    (void)ok;
    return llmfi_error_left_out(err, "llmf_tokens_desc.path", "FILES");
#endif
}

static void llmfi_tokens_close(llmf_tokens *t) {
    llmfi_store store;
    if (!t) return;
    if (t->words.at) llmfi_store_free(&t->store, t->words.at, t->words.count * sizeof *t->words.at);
    if (t->image) llmfi_store_free(&t->store, t->image, t->image_size);
    store = t->store;
    llmfi_store_free(&store, t, sizeof *t);
}

/* Words are kept in an eighth of what the ranks take; where that cannot be had, or a block has no more than twice as much left, none are. */
static void llmfi_tokens_keep_words(llmf_tokens *t) {
    uint32_t count = t->ranks.count / LLMFI_WORD_SHARE;
    size_t size = count * sizeof *t->words.at;
    if (count < 16 || (t->store.block && t->store.left < 2 * size)) return;
    t->words.at = (llmfi_word *)llmfi_store_get(&t->store, size);
    if (t->words.at) memset(t->words.at, 0, size);
    t->words.count = t->words.at ? count : 0;
}

/* NULL with *err. */
static llmf_tokens *llmfi_tokens_open(llmfi_heap *heap, const llmf_tokens_desc *d, llmf_error *err) {
    int encoding = d->encoding ? llmfi_encoding_named(llmfi_cstr(d->encoding)) : 0, saved = LLMFI_ERRNO;
    llmfi_store store;
    llmf_tokens *t;
    if (d->encoding && !encoding) {
        llmfi_error_about(err, LLMF_ERR_ARGUMENT, "llmf_tokens_desc.encoding is ", llmfi_utf8_cut(llmfi_cstr(d->encoding), 100), "; known are cl100k_base and o200k_base");
        return NULL;
    }
    if (!d->path == !d->bytes) {
        llmfi_error_set(err, LLMF_ERR_ARGUMENT, "llmf_tokens_desc needs path or bytes, one of them");
        return NULL;
    }
    if (!llmfi_tokens_store(&store, heap, d, err)) return NULL;
    t = (llmf_tokens *)llmfi_store_get(&store, sizeof *t);
    if (!t) {
        llmfi_tokens_memory(sizeof *t, err);
        return NULL;
    }
    memset(t, 0, sizeof *t);
    t->store = store;
    if (llmfi_tokens_load(t, d, encoding, err)) {
        llmfi_tokens_keep_words(t);
        LLMFI_SET_ERRNO(saved);
        return t;
    }
    llmfi_tokens_close(t);
    LLMFI_SET_ERRNO(saved);
    return NULL;
}

/* ---- encoding ---- */

/* Text that has no special tokens, or whose special tokens are text. False: no memory. */
static bool llmfi_tokens_plain(llmf_tokens *t, const char *p, const char *end, llmfi_ids *out) {
    while (p < end) {
        const char *next = llmfi_split(&t->splitter, t->ranks.encoding, p, end);
        if (!llmfi_bpe_piece(&t->ranks, &t->store, &t->words, p, (size_t)(next - p), out)) return false;
        p = next;
    }
    return true;
}

/* The special token at p, or NULL. */
static const llmfi_special *llmfi_special_at(int encoding, llmf_str text) {
    size_t i;
    for (i = 0; i < LLMFI_COUNT(llmfi_specials); i++)
        if (llmfi_specials[i].encoding == encoding && llmfi_starts(text, llmfi_cstr(llmfi_specials[i].text))) return &llmfi_specials[i];
    return NULL;
}

static bool llmfi_tokens_run(llmf_tokens *t, llmf_str text, bool special, llmfi_ids *out) {
    const char *p = text.len ? text.ptr : "", *end = p + text.len, *at = p;
    while (special && at < end) {
        const llmfi_special *found;
        at = (const char *)llmfi_memchr(at, '<', (size_t)(end - at));
        if (!at) break;
        found = llmfi_special_at(t->ranks.encoding, llmfi_str(at, (size_t)(end - at)));
        if (found) {
            if (!llmfi_tokens_plain(t, p, at, out)) return false;
            llmfi_ids_put(out, found->id);
            p = at + llmfi_strlen(found->text);
        }
        at = found ? p : at + 1;
    }
    return llmfi_tokens_plain(t, p, end, out);
}

/* ---- models ---- */

typedef struct llmfi_tokenizer_row {
    const char *prefix;
    uint8_t encoding;
    int8_t message, reply, assistant;        /* tokens besides texts; message below 0: not known */
} llmfi_tokenizer_row;

static const llmfi_tokenizer_row llmfi_tokenizer_rows[] = {
#define LLMF_TOKENIZER(prefix, encoding, message, reply, assistant) {prefix, LLMFI_##encoding, message, reply, assistant},
#include "../../models.def"
    {NULL, 0, 0, 0, 0}
};

/* How a model cuts its texts; NULL: that is not known. */
static const llmfi_tokenizer_row *llmfi_tokenizer_of(llmf_str id) {
    const llmfi_tokenizer_row *row, *best = NULL;
    size_t slash;
    while ((slash = llmfi_find_char(id, '/')) != LLMFI_NOWHERE) id = llmfi_from(id, slash + 1);
    if (llmfi_starts(id, LLMFI_LIT("ft:"))) id = llmfi_from(id, 3);
    for (row = llmfi_tokenizer_rows; row->prefix; row++)
        if (llmfi_starts(id, llmfi_cstr(row->prefix)) && (!best || llmfi_strlen(row->prefix) > llmfi_strlen(best->prefix))) best = row;
    return best;
}

static void llmfi_tokens_load_one(llmf_factory *f, size_t i) {
    llmf_error err;
    f->tokens_tried |= 1u << i;
    f->tokens[i] = llmfi_tokens_open(&f->heap, &f->desc.ranks[i], &err);
    if (!f->tokens[i]) llmfi_log(f, LLMF_LOG_WARNING, 0, llmfi_cstr(err.text));
}

/* The factory's handle for an encoding, read now if it has not been; NULL: there is none. */
static llmf_tokens *llmfi_tokens_for(llmf_factory *f, int encoding) {
    size_t i;
    for (i = 0; i < f->desc.rank_count && i < LLMF_MAX_RANK_FILES; i++) {
        const char *name = f->desc.ranks[i].encoding;
        if (!f->tokens[i] && name && llmfi_encoding_named(llmfi_cstr(name)) != encoding) continue;
        if (!f->tokens[i] && !(f->tokens_tried >> i & 1)) llmfi_tokens_load_one(f, i);
        if (f->tokens[i] && f->tokens[i]->ranks.encoding == encoding) return f->tokens[i];
    }
    return NULL;
}

static void llmfi_tokens_close_all(llmf_factory *f) {
    size_t i;
    for (i = 0; i < LLMF_MAX_RANK_FILES; i++) llmfi_tokens_close(f->tokens[i]);
}

/* ---- requests ---- */

/* Tokens besides texts. Of a tool and of a schema nobody says how they are put to the model: as JSON they are rather more. An image: 1024 by 1024 of gpt-4o (OpenAI, Images). */
enum { LLMFI_TOKENS_TOOLS = 12, LLMFI_TOKENS_TOOL = 8, LLMFI_TOKENS_IMAGE = 765, LLMFI_TOKENS_LOW_IMAGE = 85 };

typedef struct llmfi_counter {
    llmf_tokens *t;                          /* NULL: estimated */
    int encoding;
    bool exact;
    int64_t sum;
} llmfi_counter;

static void llmfi_count_text(llmfi_counter *n, llmf_str text) {
    llmfi_ids out;
    memset(&out, 0, sizeof out);
    if (n->t && llmfi_tokens_run(n->t, text, false, &out)) {
        n->sum += out.count;
        return;
    }
    n->exact = n->exact && !text.len;
    n->sum += llmfi_bpe_estimate(n->encoding, text);
}

static void llmfi_count_c(llmfi_counter *n, const char *text, size_t len) {
    if (text) llmfi_count_text(n, llmfi_str(text, len ? len : llmfi_strlen(text)));
}

static void llmfi_count_rough(llmfi_counter *n, int64_t tokens) {
    n->exact = false;
    n->sum += tokens;
}

static void llmfi_count_part(llmfi_counter *n, const llmf_part *p) {
    if (p->type == LLMF_PART_TEXT) llmfi_count_c(n, p->text, p->text_len);
    else if (p->type == LLMF_PART_IMAGE) llmfi_count_rough(n, LLMFI_IS(llmfi_cstr(p->detail), "low") ? LLMFI_TOKENS_LOW_IMAGE : LLMFI_TOKENS_IMAGE);
    else llmfi_count_rough(n, (int64_t)(p->data_len / 4));
}

static void llmfi_count_message(llmfi_counter *n, const llmf_message *m, const llmfi_tokenizer_row *row) {
    size_t i;
    n->sum += row->message + 1 + (m->role == LLMF_ASSISTANT ? row->assistant : 0);
    llmfi_count_c(n, m->content, m->content_len);
    for (i = 0; m->parts && i < m->part_count; i++) llmfi_count_part(n, &m->parts[i]);
    for (i = 0; m->tool_calls && i < m->tool_call_count; i++) {
        llmfi_count_text(n, m->tool_calls[i].name);
        llmfi_count_text(n, m->tool_calls[i].arguments);
        llmfi_count_rough(n, LLMFI_TOKENS_TOOL);
    }
    if (m->tool_call_id.len || m->state.len || m->reasoning.len || m->role == LLMF_TOOL) n->exact = false;
    llmfi_count_text(n, m->reasoning);
}

static void llmfi_count_tools(llmfi_counter *n, const llmf_request *r) {
    size_t i;
    for (i = 0; r->tools && i < r->tool_count; i++) {
        llmfi_count_c(n, r->tools[i].name, 0);
        llmfi_count_c(n, r->tools[i].description, 0);
        llmfi_count_c(n, r->tools[i].parameters, 0);
        llmfi_count_rough(n, LLMFI_TOKENS_TOOL);
    }
    if (i) llmfi_count_rough(n, LLMFI_TOKENS_TOOLS);
    if (!r->format || LLMFI_IS(llmfi_cstr(r->format), "text")) return;
    if (!LLMFI_IS(llmfi_cstr(r->format), "json")) llmfi_count_c(n, r->format, 0);
    llmfi_count_rough(n, LLMFI_TOKENS_TOOL);
}

static const llmfi_tokenizer_row llmfi_tokenizer_other = {"", LLMFI_CL100K, 3, 3, 0};

static void llmfi_count_chat(llmfi_counter *n, const llmfi_record *record, const llmf_request *r, const llmfi_tokenizer_row *row) {
    size_t i;
    if (row->message < 0) row = &llmfi_tokenizer_other;
    if (r->system) n->sum += row->message + 1;
    llmfi_count_c(n, r->system, r->system_len);
    for (i = 0; r->messages && i < r->message_count; i++) llmfi_count_message(n, &r->messages[i], row);
    if (r->prompt) n->sum += row->message + 1;
    llmfi_count_c(n, r->prompt, r->prompt_len);
    llmfi_count_text(n, record->prompt_prefix);
    llmfi_count_text(n, record->prompt_suffix);
    llmfi_count_tools(n, r);
    n->sum += row->reply;
}

/* What the request counts for a model; *exact: to the token, as far as anybody outside of its provider knows. */
static int64_t llmfi_request_tokens(llmf_factory *f, const llmfi_record *record, const llmf_request *r, bool *exact) {
    const llmfi_tokenizer_row *row = llmfi_tokenizer_of(record->s.model_id), *as = row ? row : &llmfi_tokenizer_other;
    llmfi_counter n;
    size_t i;
    n.encoding = as->encoding;
    n.t = row ? llmfi_tokens_for(f, row->encoding) : NULL;
    n.exact = n.t != NULL;
    n.sum = 0;
    if (r->op == LLMF_OP_EMBED) {
        for (i = 0; r->input && r->input->texts && i < r->input->text_count; i++) llmfi_count_text(&n, r->input->texts[i]);
    } else {
        n.exact = n.exact && row->message >= 0 && !r->extra && !record->s.extra && !record->prompt_prefix.len && !record->prompt_suffix.len;
        llmfi_count_chat(&n, record, r, as);
    }
    *exact = n.exact;
    return n.sum;
}

#if LLMF_HAS_BUDGETS || LLMF_HAS_ROUTES || LLMF_HAS_RETRY
/* For budgets, routes and limits, which take no estimate: at most this many, where it is known to the token; else LLMF_UNKNOWN. Some recorded replies count a token or two a
   message more than the rule. */
static int64_t llmfi_exact_tokens(llmf_factory *f, const llmfi_record *record, const llmf_request *r) {
    bool exact = false;
    int64_t n = f->desc.rank_count && r->op == LLMF_OP_CHAT ? llmfi_request_tokens(f, record, r, &exact) : 0;
    return exact ? n + 4 + 2 * (int64_t)r->message_count : LLMF_UNKNOWN;
}

/* The same of a call: limits and budgets ask one after the other. */
LLMFI_UNUSED static int64_t llmfi_call_tokens(const llmfi_call *c) {
    llmf_factory *f = c->f;
    if (f->counted_call != c->id || f->counted_for != c->prepared || llmfi_in_steps(c)) { /* steps of one call ask different things */
        f->counted_call = c->id;
        f->counted_for = c->prepared;
        f->counted = llmfi_exact_tokens(f, &c->prepared->record, &c->req);
    }
    return f->counted;
}
#endif

#endif
#endif
