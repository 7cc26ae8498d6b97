/* Byte pair encoding with the ranks of a file that the user has (openai/tiktoken's format: base64 SPACE rank a line). The file becomes an image: one piece of memory
   without a pointer in it, that a program may also carry as a constant (tools/ranks.c). Per token it has four bytes, its own bytes and 1.7 places of a hash table of four. */
#ifndef LLMFI_BASE_BPE_H
#define LLMFI_BASE_BPE_H
#include "base64.h"
#include "bpe_split.h"
#include "mem.h"
#include "text.h"

#if LLMF_HAS_TOKENS

#if LLMF_HAS_FILES
#include <stdio.h>
#endif

/* ---- memory: a factory's heap, the caller's block, or a hook ---- */

typedef struct llmfi_store {
    llmfi_heap *heap;                        /* or NULL */
    llmf_alloc_fn alloc;                     /* or NULL */
    void *user;
    char *block;                             /* the rest of the caller's block, aligned; what is taken last is given back first */
    size_t left;
} llmfi_store;

static void *llmfi_store_get(llmfi_store *s, size_t size) {
    void *p = s->block;
    if (s->heap) return llmfi_heap_alloc(s->heap, size);
    if (s->alloc) return s->alloc(s->user, NULL, 0, size);
    if (size > s->left || size > (size_t)-1 - LLMFI_ALIGN) return NULL;
    size = llmfi_round_up(size, LLMFI_ALIGN);
    if (size > s->left) size = s->left;
    s->block += size;
    s->left -= size;
    return p;
}

static void llmfi_store_free(llmfi_store *s, void *p, size_t size) {
    if (!p) return;
    if (s->heap) {
        llmfi_heap_free(s->heap, p);
    } else if (s->alloc) {
        s->alloc(s->user, p, size, 0);
    } else {
        s->left += (size_t)(s->block - (char *)p);
        s->block = (char *)p;
    }
}

/* ---- what is known of the encodings ---- */

typedef struct llmfi_special {
    const char *text;
    uint32_t id;
    int encoding;
} llmfi_special;

/* openai/tiktoken, openai_public.py: tokens of their files, and those that stand in none. */
static const struct {
    const char *name;
    uint32_t tokens;
} llmfi_encodings[] = {{"", 0}, {"cl100k_base", 100256}, {"o200k_base", 199998}};

static const llmfi_special llmfi_specials[] = {
    {"<|endoftext|>", 100257, LLMFI_CL100K},  {"<|fim_prefix|>", 100258, LLMFI_CL100K},   {"<|fim_middle|>", 100259, LLMFI_CL100K}, {"<|fim_suffix|>", 100260, LLMFI_CL100K},
    {"<|endofprompt|>", 100276, LLMFI_CL100K}, {"<|endoftext|>", 199999, LLMFI_O200K}, {"<|endofprompt|>", 200018, LLMFI_O200K},
};

/* 0: no such name. */
LLMFI_UNUSED static int llmfi_encoding_named(llmf_str name) {
    size_t i;
    for (i = 1; i < LLMFI_COUNT(llmfi_encodings); i++) {
        llmf_str whole = llmfi_cstr(llmfi_encodings[i].name);
        if (llmfi_eq_nocase(name, whole) || llmfi_eq_nocase(name, llmfi_str(whole.ptr, whole.len - 5))) return (int)i; /* "o200k" */
    }
    return 0;
}

/* ---- the image ---- */

enum { LLMFI_RANK_BITS = 18, LLMFI_MAX_RANKS = (1 << LLMFI_RANK_BITS) - 1, LLMFI_NO_RANK = (1 << LLMFI_RANK_BITS) - 1, LLMFI_MAX_TOKEN = 1024 };
enum { LLMFI_IMAGE_MAGIC, LLMFI_IMAGE_ENCODING, LLMFI_IMAGE_COUNT, LLMFI_IMAGE_SLOTS, LLMFI_IMAGE_BYTES, LLMFI_IMAGE_LONGEST, LLMFI_IMAGE_HEAD = 8 };
#define LLMFI_IMAGE_WORD UINT32_C(0x314b524c) /* "LRK1", or "1KRL": the numbers of an image are the machine's own */

/* Views of an image. A slot: the rank and one, above it bits of the hash; 0: empty. Where the ranks have a gap, the token there has no bytes. */
typedef struct llmfi_ranks {
    const uint32_t *start;                   /* count + 1: where the bytes of each token begin */
    const uint32_t *slots;
    const unsigned char *bytes;
    uint32_t count, slot_count, longest;
    int encoding;
} llmfi_ranks;

static LLMFI_FAST uint32_t llmfi_load4le(const unsigned char *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* The same on every machine, as it stands in images. */
static LLMFI_FAST uint64_t llmfi_bpe_hash(const unsigned char *p, size_t n) {
    const uint64_t k = UINT64_C(0x9e3779b97f4a7c15);
    uint64_t h = (uint64_t)n * k, v;
    for (; n > 8; p += 8, n -= 8) {
        h = (h ^ ((uint64_t)llmfi_load4le(p) | (uint64_t)llmfi_load4le(p + 4) << 32)) * k;
        h ^= h >> 32;
    }
    if (n >= 4) v = (uint64_t)llmfi_load4le(p) | (uint64_t)llmfi_load4le(p + n - 4) << 32;
    else v = n ? (uint64_t)p[0] | (uint64_t)p[n >> 1] << 8 | (uint64_t)p[n - 1] << 16 : 0;
    h = (h ^ v) * k;
    return (h ^ h >> 32) * k;
}

static LLMFI_FAST uint32_t llmfi_bpe_tag(uint64_t hash) {
    return (uint32_t)hash & ~(uint32_t)LLMFI_NO_RANK;
}

static LLMFI_FAST uint32_t llmfi_bpe_place(const llmfi_ranks *r, uint64_t hash) {
    return (uint32_t)((hash >> 32) * r->slot_count >> 32);
}

/* LLMFI_NO_RANK: these bytes are no token. */
static LLMFI_FAST uint32_t llmfi_bpe_find(const llmfi_ranks *r, const unsigned char *p, size_t n, uint64_t hash) {
    uint32_t at = llmfi_bpe_place(r, hash), tag = llmfi_bpe_tag(hash), slot;
    if (n > r->longest) return LLMFI_NO_RANK;
    while ((slot = r->slots[at]) != 0) {
        if (((slot ^ tag) & ~(uint32_t)LLMFI_NO_RANK) == 0) {
            uint32_t rank = (slot & LLMFI_NO_RANK) - 1, from = r->start[rank];
            if (r->start[rank + 1] - from == n && memcmp(r->bytes + from, p, n) == 0) return rank;
        }
        if (++at == r->slot_count) at = 0;
    }
    return LLMFI_NO_RANK;
}

static LLMFI_FAST uint32_t llmfi_bpe_rank(const llmfi_ranks *r, const unsigned char *p, size_t n) {
    return llmfi_bpe_find(r, p, n, llmfi_bpe_hash(p, n));
}

static size_t llmfi_image_size(uint32_t count, uint32_t slots, uint32_t bytes) {
    return ((size_t)LLMFI_IMAGE_HEAD + count + 1 + slots + ((size_t)bytes + 3) / 4) * 4;
}

/* More than 1.6 places a token, and never full. */
static uint32_t llmfi_image_slots(uint32_t count) {
    return count + count / 3 * 2 + 16;
}

static void llmfi_image_views(llmfi_ranks *r, const uint32_t *image) {
    r->encoding = (int)image[LLMFI_IMAGE_ENCODING];
    r->count = image[LLMFI_IMAGE_COUNT];
    r->slot_count = image[LLMFI_IMAGE_SLOTS];
    r->longest = image[LLMFI_IMAGE_LONGEST];
    r->start = image + LLMFI_IMAGE_HEAD;
    r->slots = r->start + r->count + 1;
    r->bytes = (const unsigned char *)(const void *)(r->slots + r->slot_count);
}

/* An image that comes from elsewhere: nothing in it may lead out of it, and no search may go round for ever. */
static bool llmfi_image_open(llmfi_ranks *r, const void *bytes, size_t len, llmf_error *err) {
    const uint32_t *image = (const uint32_t *)bytes;
    uint32_t i, empty = 0;
    bool ok = len >= LLMFI_IMAGE_HEAD * 4 && (uintptr_t)bytes % 4 == 0 && image[LLMFI_IMAGE_MAGIC] == LLMFI_IMAGE_WORD;
    if (!ok) return llmfi_error_set(err, LLMF_ERR_CONFIG, "the image of ranks is damaged, not at an address of a multiple of four, or made for machines of the other byte order (tools/ranks.c, --big)");
    ok = image[LLMFI_IMAGE_COUNT] <= LLMFI_MAX_RANKS && image[LLMFI_IMAGE_SLOTS] < (1u << 24) && image[LLMFI_IMAGE_BYTES] < (1u << 30) &&
         (image[LLMFI_IMAGE_ENCODING] == LLMFI_CL100K || image[LLMFI_IMAGE_ENCODING] == LLMFI_O200K) &&
         len >= llmfi_image_size(image[LLMFI_IMAGE_COUNT], image[LLMFI_IMAGE_SLOTS], image[LLMFI_IMAGE_BYTES]);
    if (ok) {
        llmfi_image_views(r, image);
        ok = r->start[r->count] == image[LLMFI_IMAGE_BYTES] && r->start[0] == 0;
        for (i = 0; ok && i < r->count; i++) ok = r->start[i] <= r->start[i + 1];
        for (i = 0; ok && i < r->slot_count; i++) {
            empty += r->slots[i] == 0;
            ok = (r->slots[i] & LLMFI_NO_RANK) <= r->count && (!r->slots[i] || (r->slots[i] & LLMFI_NO_RANK));
        }
    }
    return (ok && empty) || llmfi_error_set(err, LLMF_ERR_CONFIG, "the image of ranks is damaged: make it anew with tools/ranks.c");
}

/* ---- reading a file of ranks ---- */

typedef struct llmfi_rank_reader {
    const char *at, *end;                    /* what has been read and not yet looked at */
    const char *name;                        /* for messages */
    uint32_t line;
#if LLMF_HAS_FILES
    FILE *file;                              /* NULL: all of it is in memory */
    char buffer[4096];
#endif
} llmfi_rank_reader;

static LLMFI_COLD bool llmfi_ranks_error(const llmfi_rank_reader *in, int code, const char *what, llmf_error *err) {
    llmfi_text t = llmfi_error_begin(err, code);
    llmfi_say_c(&t, in->name);
    if (in->line) {
        LLMFI_SAY(&t, ":");
        llmfi_say_int(&t, in->line);
    }
    LLMFI_SAY(&t, ": ");
    llmfi_say_c(&t, what);
    err->line = in->line;
    return false;
}

/* The next line, without its end. False: there is none. */
static bool llmfi_ranks_line(llmfi_rank_reader *in, llmf_str *line) {
    size_t n = llmfi_find_char(llmfi_str(in->at, (size_t)(in->end - in->at)), '\n');
#if LLMF_HAS_FILES
    if (n == LLMFI_NOWHERE && in->file) {
        size_t kept = (size_t)(in->end - in->at);
        memmove(in->buffer, in->at, kept);
        in->at = in->buffer;
        in->end = in->buffer + kept + fread(in->buffer + kept, 1, sizeof in->buffer - kept, in->file);
        n = llmfi_find_char(llmfi_str(in->at, (size_t)(in->end - in->at)), '\n');
    }
#endif
    if (in->at == in->end) return false;
    in->line++;
    *line = llmfi_str(in->at, n == LLMFI_NOWHERE ? (size_t)(in->end - in->at) : n);
    in->at += line->len + (n != LLMFI_NOWHERE);
    if (line->len && line->ptr[line->len - 1] == '\r') line->len--;
    return true;
}

/* "base64 rank" */
static bool llmfi_ranks_parse(const llmfi_rank_reader *in, llmf_str line, llmf_str *token, int64_t *rank, llmf_error *err) {
    size_t blank = llmfi_find_char(line, ' ');
    if (blank == LLMFI_NOWHERE || !blank) return llmfi_ranks_error(in, LLMF_ERR_CONFIG, LLMFI_WORDS("a line is a token in base64, a blank and its rank; is this a .tiktoken file?"), err);
    *token = llmfi_str(line.ptr, blank);
    if (!llmfi_parse_int(llmfi_from(line, blank + 1), rank) || *rank < 0 || *rank >= LLMFI_MAX_RANKS)
        return llmfi_ranks_error(in, LLMF_ERR_CONFIG, LLMFI_WORDS("the rank is no number from 0 to 262142"), err);
    if (llmfi_base64_decoded_size(*token) > LLMFI_MAX_TOKEN || !llmfi_base64_decoded_size(*token))
        return llmfi_ranks_error(in, LLMF_ERR_CONFIG, LLMFI_WORDS("a token has 1 to 1024 bytes"), err);
    return true;
}

/* The first time through: how much there is. */
static bool llmfi_ranks_measure(llmfi_rank_reader *in, uint32_t head[LLMFI_IMAGE_HEAD], llmf_error *err) {
    llmf_str line, token;
    int64_t rank, last = -1;
    uint64_t bytes = 0;
    uint32_t longest = 0;
    while (llmfi_ranks_line(in, &line)) {
        size_t n;
        if (!line.len) continue;
        if (!llmfi_ranks_parse(in, line, &token, &rank, err)) return false;
        if (rank <= last) return llmfi_ranks_error(in, LLMF_ERR_CONFIG, LLMFI_WORDS("the rank is not above the one of the line before"), err);
        last = rank;
        n = llmfi_base64_decoded_size(token);
        bytes += n;
        if (n > longest) longest = (uint32_t)n;
    }
    in->line = 0;
    if (last < 255) return llmfi_ranks_error(in, LLMF_ERR_CONFIG, LLMFI_WORDS("there are fewer tokens than bytes; is this a .tiktoken file, and whole?"), err);
    head[LLMFI_IMAGE_MAGIC] = LLMFI_IMAGE_WORD;
    head[LLMFI_IMAGE_COUNT] = (uint32_t)last + 1;
    head[LLMFI_IMAGE_SLOTS] = llmfi_image_slots((uint32_t)last + 1);
    head[LLMFI_IMAGE_BYTES] = (uint32_t)bytes; /* below 2^28 */
    head[LLMFI_IMAGE_LONGEST] = longest;
    return true;
}

/* A token whose bytes stand in the image already gets its slot. False: the same bytes have one. */
static bool llmfi_ranks_add(const llmfi_ranks *r, uint32_t *slots, uint32_t rank, size_t n) {
    const unsigned char *p = r->bytes + r->start[rank];
    uint64_t hash = llmfi_bpe_hash(p, n);
    uint32_t at = llmfi_bpe_place(r, hash);
    if (llmfi_bpe_rank(r, p, n) != LLMFI_NO_RANK) return false;
    while (slots[at])
        if (++at == r->slot_count) at = 0;
    slots[at] = llmfi_bpe_tag(hash) | (rank + 1);
    return true;
}

/* The second time: what there is. The file may have changed in between, so all of it is checked again. */
static bool llmfi_ranks_fill(llmfi_rank_reader *in, uint32_t *image, llmfi_ranks *r, llmf_error *err) {
    uint32_t *start = image + LLMFI_IMAGE_HEAD, *slots, done = 0, used = 0, most = image[LLMFI_IMAGE_BYTES];
    unsigned char *bytes;
    llmf_str line, token;
    int64_t rank;
    llmfi_image_views(r, image);
    slots = start + r->count + 1;
    bytes = (unsigned char *)(void *)(slots + r->slot_count);
    memset(slots, 0, (size_t)r->slot_count * 4);
    while (llmfi_ranks_line(in, &line)) {
        size_t n;
        if (!line.len) continue;
        if (!llmfi_ranks_parse(in, line, &token, &rank, err)) return false;
        if (rank < (int64_t)done || (uint64_t)rank >= r->count || llmfi_base64_decoded_size(token) > most - used)
            return llmfi_ranks_error(in, LLMF_ERR_CONFIG, LLMFI_WORDS("the file has changed while it was read"), err);
        while (done <= (uint32_t)rank) start[done++] = used;
        if (!llmfi_base64_decode(token, bytes + used, most - used, &n)) return llmfi_ranks_error(in, LLMF_ERR_CONFIG, LLMFI_WORDS("the token is not valid base64"), err);
        used += (uint32_t)n;
        start[done] = used;
        if (!llmfi_ranks_add(r, slots, (uint32_t)rank, n)) return llmfi_ranks_error(in, LLMF_ERR_CONFIG, LLMFI_WORDS("the token stands in a line before already"), err);
    }
    in->line = 0;
    return (done == r->count && used == most) || llmfi_ranks_error(in, LLMF_ERR_CONFIG, LLMFI_WORDS("the file has changed while it was read"), err);
}

/* Any text can be encoded if each byte can. And which encoding is it, if nobody has said? */
static bool llmfi_ranks_check(const llmfi_rank_reader *in, uint32_t *image, llmfi_ranks *r, llmf_error *err) {
    unsigned i;
    size_t k;
    for (i = 0; i < 256; i++) {
        unsigned char c = (unsigned char)i;
        if (llmfi_bpe_rank(r, &c, 1) == LLMFI_NO_RANK) return llmfi_ranks_error(in, LLMF_ERR_CONFIG, LLMFI_WORDS("not each byte is a token; is this a .tiktoken file?"), err);
    }
    for (k = 1; !r->encoding && k < LLMFI_COUNT(llmfi_encodings); k++)
        if (llmfi_encodings[k].tokens == r->count) r->encoding = (int)k;
    image[LLMFI_IMAGE_ENCODING] = (uint32_t)r->encoding;
    return r->encoding || llmfi_ranks_error(in, LLMF_ERR_CONFIG, LLMFI_WORDS("it has not as many tokens as cl100k_base (100256) or o200k_base (199998): say in llmf_tokens_desc.encoding which of them it is like"), err);
}

/* ---- merging ---- */

/* Where ids go, and how many there are. */
typedef struct llmfi_ids {
    uint32_t *ids;
    size_t cap;
    int64_t count;
} llmfi_ids;

static LLMFI_FAST void llmfi_ids_put(llmfi_ids *out, uint32_t id) {
    if ((uint64_t)out->count < out->cap) out->ids[out->count] = id;
    out->count++;
}

/* A piece of at most this many bytes is merged on the stack, by looking at all pairs each time: for what is short nothing is faster. */
enum { LLMFI_BPE_SHORT = 96 };

static void llmfi_bpe_short(const llmfi_ranks *r, const unsigned char *p, size_t n, llmfi_ids *out) {
    uint32_t rank[LLMFI_BPE_SHORT + 1]; /* of the pair of the part and the next one */
    uint8_t at[LLMFI_BPE_SHORT + 2];
    size_t parts = n, i, best;
    for (i = 0; i <= n; i++) at[i] = (uint8_t)i;
    for (i = 0; i + 1 < n; i++) rank[i] = llmfi_bpe_rank(r, p + i, 2);
    while (parts > 1) {
        uint32_t least = rank[0];
        for (best = 0, i = 1; i + 1 < parts; i++)
            if (rank[i] < least) least = rank[best = i];
        if (least == LLMFI_NO_RANK) break;
        memmove(at + best + 1, at + best + 2, parts - best - 1);
        memmove(rank + best, rank + best + 1, (parts - best - 2) * sizeof *rank);
        parts--;
        if (best + 1 < parts) rank[best] = llmfi_bpe_rank(r, p + at[best], (size_t)(at[best + 2] - at[best]));
        if (best) rank[best - 1] = llmfi_bpe_rank(r, p + at[best - 1], (size_t)(at[best + 1] - at[best - 1]));
    }
    for (i = 0; i < parts; i++) llmfi_ids_put(out, llmfi_bpe_rank(r, p + at[i], (size_t)(at[i + 1] - at[i])));
}

/* A long piece: a tournament over the pairs, so that each merge costs the logarithm of its length. 12 bytes of memory for each of its own. */
typedef struct llmfi_long {
    const llmfi_ranks *r;
    const unsigned char *p;
    uint32_t n;
    uint32_t *next;                          /* of a part's first byte: where the next part begins; 0: no part begins here */
    uint32_t *rank;                          /* of a part's first byte: the rank of it and the next part; of its last one, if it has several: where it begins */
    uint32_t *best;                          /* best[k], k from 1: the winner of the two below it; below best[n / 2 …] are the bytes themselves, from n on */
} llmfi_long;

static LLMFI_FAST uint32_t llmfi_long_rank(const llmfi_long *m, uint32_t i) {
    return m->next[i] ? m->rank[i] : (uint32_t)LLMFI_NO_RANK;
}

static LLMFI_FAST uint32_t llmfi_long_winner(const llmfi_long *m, uint32_t k) {
    return k >= m->n ? k - m->n : m->best[k];
}

static LLMFI_FAST void llmfi_long_play(llmfi_long *m, uint32_t k) {
    uint32_t a = llmfi_long_winner(m, 2 * k), b = llmfi_long_winner(m, 2 * k + 1), x = llmfi_long_rank(m, a), y = llmfi_long_rank(m, b);
    m->best[k] = x < y || (x == y && a < b) ? a : b; /* of equal ones the first */
}

static void llmfi_long_again(llmfi_long *m, uint32_t i) {
    uint32_t k;
    for (k = (i + m->n) / 2; k; k /= 2) llmfi_long_play(m, k);
}

/* The rank of the part at i and the next one. */
static uint32_t llmfi_long_pair(const llmfi_long *m, uint32_t i) {
    uint32_t end = m->next[i] < m->n ? m->next[m->next[i]] : 0;
    return end ? llmfi_bpe_rank(m->r, m->p + i, end - i) : (uint32_t)LLMFI_NO_RANK;
}

static void llmfi_long_merge(llmfi_long *m, uint32_t i) {
    uint32_t j = m->next[i], before;
    m->next[i] = m->next[j];
    m->next[j] = 0;
    if (m->next[i] - 1 != i) m->rank[m->next[i] - 1] = i;
    m->rank[i] = llmfi_long_pair(m, i);
    llmfi_long_again(m, j);
    llmfi_long_again(m, i);
    if (!i) return;
    before = m->next[i - 1] ? i - 1 : m->rank[i - 1];
    m->rank[before] = llmfi_long_pair(m, before);
    llmfi_long_again(m, before);
}

/* False: no memory. */
static bool llmfi_bpe_long(const llmfi_ranks *r, llmfi_store *store, const unsigned char *p, size_t n, llmfi_ids *out) {
    llmfi_long m;
    uint32_t *room, i;
    if (n > UINT32_MAX / 4 || n > (size_t)-1 / 16) return false;
    room = (uint32_t *)llmfi_store_get(store, n * 12);
    if (!room) return false;
    m.r = r;
    m.p = p;
    m.n = (uint32_t)n;
    m.next = room;
    m.rank = room + n;
    m.best = room + 2 * n;
    for (i = 0; i < m.n; i++) {
        m.next[i] = i + 1;
        m.rank[i] = i + 1 < m.n ? llmfi_bpe_rank(r, p + i, 2) : (uint32_t)LLMFI_NO_RANK;
    }
    for (i = m.n - 1; i; i--) llmfi_long_play(&m, i);
    while (m.rank[m.best[1]] != LLMFI_NO_RANK && m.next[m.best[1]]) llmfi_long_merge(&m, m.best[1]);
    for (i = 0; i < m.n; i = m.next[i]) llmfi_ids_put(out, llmfi_bpe_rank(r, p + i, m.next[i] - i));
    llmfi_store_free(store, room, n * 12);
    return true;
}

/* Words that were merged lately, each at the place that its hash says: most of a text are words that it has had before. */
enum { LLMFI_WORD_BYTES = 40, LLMFI_WORD_IDS = 13, LLMFI_WORD_SHARE = 48 };
typedef struct llmfi_word {
    uint8_t len, count;                      /* len 0: empty */
    char bytes[LLMFI_WORD_BYTES];
    uint32_t ids[LLMFI_WORD_IDS];
} llmfi_word;

typedef struct llmfi_words {
    llmfi_word *at;                          /* NULL: there are none */
    uint32_t count;
} llmfi_words;

static void llmfi_bpe_word(const llmfi_ranks *r, llmfi_word *w, const unsigned char *p, size_t n, llmfi_ids *out) {
    llmfi_ids made;
    size_t i;
    if (w->len != n || memcmp(w->bytes, p, n) != 0) {
        made.ids = w->ids;
        made.cap = LLMFI_WORD_IDS;
        made.count = 0;
        w->len = 0;
        llmfi_bpe_short(r, p, n, &made);
        if (made.count > LLMFI_WORD_IDS) {
            llmfi_bpe_short(r, p, n, out);
            return;
        }
        memcpy(w->bytes, p, n);
        w->len = (uint8_t)n;
        w->count = (uint8_t)made.count;
    }
    for (i = 0; i < w->count; i++) llmfi_ids_put(out, w->ids[i]);
}

/* False: no memory, for a long piece. */
static bool llmfi_bpe_piece(const llmfi_ranks *r, llmfi_store *store, const llmfi_words *words, const char *text, size_t n, llmfi_ids *out) {
    const unsigned char *p = (const unsigned char *)text;
    uint64_t hash = llmfi_bpe_hash(p, n);
    uint32_t rank = llmfi_bpe_find(r, p, n, hash);
    if (rank != LLMFI_NO_RANK) llmfi_ids_put(out, rank);
    else if (n > LLMFI_BPE_SHORT) return llmfi_bpe_long(r, store, p, n, out);
    else if (words->at && n <= LLMFI_WORD_BYTES) llmfi_bpe_word(r, &words->at[(hash & 0xffffffffu) * words->count >> 32], p, n, out);
    else llmfi_bpe_short(r, p, n, out);
    return true;
}

#endif
#endif
