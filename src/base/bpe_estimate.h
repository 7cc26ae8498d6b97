/* How many tokens a text has, without ranks: it is cut into pieces as with them, and a piece counts by the scripts of its characters. The weights are what fits a text in
   twenty scripts and languages best (tools/estimate.c); README has how far it is off. */
#ifndef LLMFI_BASE_BPE_ESTIMATE_H
#define LLMFI_BASE_BPE_ESTIMATE_H
#include "bpe_split.h"
#include "bpe_weights.h"

#if LLMF_HAS_TOKENS

enum {
    LLMFI_TK_LATIN, LLMFI_TK_PAIR_1, LLMFI_TK_PAIR_2, LLMFI_TK_PAIR_3, LLMFI_TK_PAIR_4, LLMFI_TK_CAPITAL, LLMFI_TK_ACCENT, LLMFI_TK_GREEK, LLMFI_TK_CYRILLIC, LLMFI_TK_HEBREW, LLMFI_TK_ARABIC, LLMFI_TK_INDIC, LLMFI_TK_THAI, LLMFI_TK_HANGUL,
    LLMFI_TK_KANA, LLMFI_TK_HAN, LLMFI_TK_OTHER, LLMFI_TK_DIGIT, LLMFI_TK_SPACE, LLMFI_TK_SIGN, LLMFI_TK_SYMBOL, LLMFI_TK_EMOJI, LLMFI_TK_COUNT
};
enum { LLMFI_TK_ONE = 256 };

/* The first character of each script, up to the next row: letters and marks. */
static const struct {
    uint32_t from;
    uint8_t kind;
} llmfi_tk_scripts[] = {
    {0x80, LLMFI_TK_ACCENT},    {0x250, LLMFI_TK_OTHER},   {0x370, LLMFI_TK_GREEK},    {0x400, LLMFI_TK_CYRILLIC}, {0x530, LLMFI_TK_OTHER},   {0x590, LLMFI_TK_HEBREW}, {0x600, LLMFI_TK_ARABIC},
    {0x780, LLMFI_TK_OTHER},    {0x8a0, LLMFI_TK_ARABIC},  {0x900, LLMFI_TK_INDIC},    {0xe00, LLMFI_TK_THAI},     {0x10a0, LLMFI_TK_OTHER},  {0x1100, LLMFI_TK_HANGUL}, {0x1200, LLMFI_TK_OTHER},
    {0x1780, LLMFI_TK_THAI},    {0x1800, LLMFI_TK_OTHER},  {0x1e00, LLMFI_TK_ACCENT},  {0x1f00, LLMFI_TK_GREEK},   {0x2000, LLMFI_TK_OTHER},  {0x2e80, LLMFI_TK_HAN},   {0x3040, LLMFI_TK_KANA},
    {0x3100, LLMFI_TK_OTHER},   {0x3130, LLMFI_TK_HANGUL}, {0x3190, LLMFI_TK_OTHER},   {0x3400, LLMFI_TK_HAN},     {0xa000, LLMFI_TK_OTHER},  {0xac00, LLMFI_TK_HANGUL}, {0xd7b0, LLMFI_TK_OTHER},
    {0xf900, LLMFI_TK_HAN},     {0xfb00, LLMFI_TK_OTHER},  {0xfb50, LLMFI_TK_ARABIC},  {0xff00, LLMFI_TK_KANA},    {0x10000, LLMFI_TK_OTHER}, {0x20000, LLMFI_TK_HAN},  {0xe0000, LLMFI_TK_EMOJI},
};

static int llmfi_tk_script(uint32_t cp) {
    size_t low = 0, high = LLMFI_COUNT(llmfi_tk_scripts);
    while (high - low > 1) {
        size_t mid = low + (high - low) / 2;
        if (llmfi_tk_scripts[mid].from <= cp) low = mid;
        else high = mid;
    }
    return llmfi_tk_scripts[low].kind;
}

/* What a character of a piece counts as. */
static int llmfi_tk_kind(unsigned set, const char *p, const char *next) {
    uint32_t cp = (unsigned char)*p;
    if (cp >= 0x80 && llmfi_utf8_next(p, next, &cp) <= 0) return LLMFI_TK_EMOJI; /* no UTF-8: each byte is a token */
    if (set & LLMFI_US_SPACE) return LLMFI_TK_SPACE;
    if (set & (LLMFI_US_L | LLMFI_US_MARK)) return cp >= 0x80 ? llmfi_tk_script(cp) : set & LLMFI_US_UPPER ? (int)LLMFI_TK_CAPITAL : (int)LLMFI_TK_LATIN;
    if (set & LLMFI_US_NUMBER) return cp < 0x80 ? LLMFI_TK_DIGIT : LLMFI_TK_SYMBOL;
    return cp < 0x80 ? LLMFI_TK_SIGN : cp < 0x10000 ? LLMFI_TK_SYMBOL : LLMFI_TK_EMOJI;
}

/* A letter behind another one: by how early tokenisers have merged the two, as words of rare pairs, and so of rarer languages, are cut into more. */
static int llmfi_tk_pair(char before, char c) {
    char a = llmfi_lower(before), b = llmfi_lower(c);
    unsigned at = (unsigned)(a - 'a') * 26 + (unsigned)(b - 'a');
    if (a < 'a' || a > 'z' || b < 'a' || b > 'z') return LLMFI_TK_LATIN;
    return LLMFI_TK_PAIR_1 + (llmfi_tk_pairs[at / 4] >> at % 4 * 2 & 3);
}

/* The characters of a piece by kind; returns that of the piece: of the first one which is no space. */
static int llmfi_tk_features(llmfi_splitter *s, const char *p, const char *end, uint32_t counts[LLMFI_TK_COUNT]) {
    const char *begin = p;
    int first = LLMFI_TK_SPACE;
    memset(counts, 0, LLMFI_TK_COUNT * sizeof *counts);
    while (p < end) {
        llmfi_char c = llmfi_split_at(s, p, end);
        int kind = llmfi_tk_kind(c.set, p, c.next);
        if (kind == LLMFI_TK_LATIN && p > begin) kind = llmfi_tk_pair(p[-1], *p);
        counts[kind]++;
        if (first == LLMFI_TK_SPACE) first = kind;
        p = c.next;
    }
    return first;
}

static int64_t llmfi_bpe_estimate(int encoding, llmf_str text) {
    const int16_t(*weights)[2] = llmfi_tk_weights[encoding == LLMFI_O200K];
    const char *p = text.len ? text.ptr : "", *end = p + text.len;
    llmfi_splitter s;
    int64_t sum = 0;
    memset(&s, 0, sizeof s);
    while (p < end) {
        const char *next = llmfi_split(&s, encoding, p, end);
        uint32_t counts[LLMFI_TK_COUNT];
        int64_t piece = weights[llmfi_tk_features(&s, p, next, counts)][0];
        int i;
        for (i = 0; i < LLMFI_TK_COUNT; i++) piece += (int64_t)counts[i] * weights[i][1];
        sum += piece < LLMFI_TK_ONE ? (int64_t)LLMFI_TK_ONE : piece;
        p = next;
    }
    return (sum + LLMFI_TK_ONE / 2) / LLMFI_TK_ONE;
}

#endif
#endif
