/* Any bytes as a text (what is encoded comes back, a count is a count, the ids are those of the plain rule), as a file of ranks, as an image of one and as ids.
   The input: one byte that chooses, and the bytes. */
#define LLMFACTORY_IMPLEMENTATION
#define LLMF_NO_CURL 1 /* nothing goes over a network here */
#include "../../llmfactory.h"
#include <stdio.h>
#include <stdlib.h>

static llmf_tokens *tokens[2];
static char ranks[40000], block[1 << 20];
static uint32_t *image;
static size_t ranks_len;

static void check(bool ok) {
    if (!ok) abort();
}

/* Each byte, then runs of letters, blanks and parts of characters, so that there is something to merge. */
static void make_ranks(void) {
    static const char letters[] = "aeinrst \xd0\xb0\xb8\xe6\x97\xa5!";
    unsigned i, k, rank = 256;
    for (i = 0; i < 256; i++) {
        unsigned char byte = (unsigned char)i;
        ranks_len += llmfi_base64_encode(ranks + ranks_len, &byte, 1);
        ranks_len += (size_t)sprintf(ranks + ranks_len, " %u\n", i);
    }
    for (i = 0; i + 1 < sizeof letters; i++)
        for (k = 0; k + 1 < sizeof letters; k++) {
            char four[4];
            four[0] = four[2] = letters[i];
            four[1] = four[3] = letters[k];
            if (i == k) continue;
            ranks_len += llmfi_base64_encode(ranks + ranks_len, four, 2);
            ranks_len += (size_t)sprintf(ranks + ranks_len, " %u\n", rank++);
            ranks_len += llmfi_base64_encode(ranks + ranks_len, four, 4);
            ranks_len += (size_t)sprintf(ranks + ranks_len, " %u\n", rank++);
        }
}

static void begin(void) {
    llmf_tokens_desc d;
    int i;
    make_ranks();
    memset(&d, 0, sizeof d);
    d.bytes = ranks;
    d.len = ranks_len;
    for (i = 0; i < 2; i++) {
        d.encoding = i ? "o200k_base" : "cl100k_base";
        tokens[i] = llmf_tokens_open(NULL, &d, NULL);
        check(tokens[i] != NULL);
    }
    image = (uint32_t *)malloc(tokens[0]->image_size);
    check(image != NULL);
}

/* The rule, by the letter: the lowest rank of all pairs, the first of equals. */
static size_t plainly(const llmf_tokens *t, const unsigned char *p, size_t n, uint32_t *to) {
    static uint16_t at[8200];
    size_t parts = n, i, best;
    for (i = 0; i <= n; i++) at[i] = (uint16_t)i;
    if (llmfi_bpe_rank(&t->ranks, p, n) != LLMFI_NO_RANK) parts = 1, at[1] = (uint16_t)n;
    while (parts > 1) {
        uint32_t least = LLMFI_NO_RANK, rank;
        for (best = i = 0; i + 1 < parts; i++)
            if ((rank = llmfi_bpe_rank(&t->ranks, p + at[i], (size_t)at[i + 2] - at[i])) < least) least = rank, best = i;
        if (least == LLMFI_NO_RANK) break;
        memmove(at + best + 1, at + best + 2, (parts - best - 1) * sizeof *at);
        parts--;
    }
    for (i = 0; i < parts; i++) to[i] = llmfi_bpe_rank(&t->ranks, p + at[i], (size_t)at[i + 1] - at[i]);
    return parts;
}

static void check_text(llmf_tokens *t, llmf_str text, int flags) {
    static uint32_t ids[8200], same[8200];
    static char back[8200];
    int64_t n = llmf_tokens_encode(t, text, flags, ids, 8200);
    size_t made = 0;
    const char *p = text.ptr, *end = p + text.len;
    check(n >= 0 && n <= (int64_t)text.len);
    check(llmf_tokens_encode(t, text, flags, NULL, 0) == n);
    check(llmf_tokens_decode(t, ids, (size_t)n, back, sizeof back) == (int64_t)text.len && (!text.len || memcmp(back, text.ptr, text.len) == 0));
    check(llmfi_bpe_estimate(t->ranks.encoding, text) >= (text.len > 0));
    if (flags) return;
    while (p < end) {
        const char *next = llmfi_split(&t->splitter, t->ranks.encoding, p, end);
        check(next > p && next <= end);
        made += plainly(t, (const unsigned char *)p, (size_t)(next - p), same + made);
        p = next;
    }
    check(made == (size_t)n && memcmp(same, ids, made * sizeof *ids) == 0);
}

/* A file, or an image: refused with a reason, or as good as any. */
static void check_ranks(const void *bytes, size_t len) {
    llmf_tokens_desc d;
    llmf_error err;
    llmf_tokens *t;
    memset(&d, 0, sizeof d);
    d.bytes = bytes;
    d.len = len;
    d.encoding = "o200k_base";
    d.memory = block;
    d.memory_size = sizeof block;
    t = llmf_tokens_open(NULL, &d, &err);
    check(t ? err.code == LLMF_OK : (err.code == LLMF_ERR_CONFIG || err.code == LLMF_ERR_MEMORY || err.code == LLMF_ERR_ARGUMENT) && err.text[0]);
    if (!t) return;
    check(llmf_tokens_encode(t, llmfi_cstr("a text, \xd0\xb0 \xff"), 0, NULL, 0) > 0);
    llmf_tokens_close(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    llmf_str text;
    size_t i, at;
    if (!tokens[0]) begin();
    if (size < 1 || size > 8192) return 0;
    text = llmfi_str((const char *)data + 1, size - 1);
    switch (data[0] % 5) {
    case 0: case 1: check_text(tokens[data[0] % 5], text, data[0] / 5 & 1 ? LLMF_TOKENS_SPECIAL : 0); break;
    case 2: check_ranks(text.ptr, text.len); break;
    case 3: /* our own file with a piece of it replaced */
        memcpy(block + sizeof block / 2, ranks, ranks_len);
        at = size > 3 ? ((size_t)data[1] << 8 | data[2]) % ranks_len : 0;
        for (i = 3; i < size && at + i - 3 < ranks_len; i++) block[sizeof block / 2 + at + i - 3] = (char)data[i];
        memcpy(image, block + sizeof block / 2, ranks_len < tokens[0]->image_size ? ranks_len : tokens[0]->image_size);
        check_ranks(image, ranks_len < tokens[0]->image_size ? ranks_len : tokens[0]->image_size);
        break;
    default: /* our own image, likewise, a word at a time */
        memcpy(image, tokens[0]->image, tokens[0]->image_size);
        for (i = 1; i + 7 <= size; i += 7) {
            at = ((size_t)data[i] << 16 | (size_t)data[i + 1] << 8 | data[i + 2]) % (tokens[0]->image_size / 4);
            memcpy(&image[data[i] < 128 ? at % 600 : at], data + i + 3, 4);
        }
        check_ranks(image, tokens[0]->image_size);
        for (i = 1; i + 4 <= size; i += 4) {
            uint32_t id;
            char out[64];
            memcpy(&id, data + i, 4);
            id = i % 3 ? id % 700 : id;
            check(llmf_tokens_decode(tokens[1], &id, 1, out, sizeof out) == -LLMF_ERR_ARGUMENT || id < 1000 || id >= 199999);
        }
    }
    return 0;
}
