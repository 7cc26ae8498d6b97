/* Tokens: exactly what OpenAI's own library says (vectors and plans beside the project), what bad rank files are told, memory, long pieces, estimates, and what a request counts. */
#include "../engine/kit.h"
#include "corpus.h"

/* ---- ranks ---- */

static const char *const encodings[] = {"cl100k_base", "o200k_base"};
static llmf_tokens *full[2];       /* NULL: the files are not there */
static size_t file_size[2];

/* malloc that counts, and refuses the one before which `refuse` others were given; below 0: none. */
typedef struct counted {
    long refuse;
    size_t now, most;
    int given;
} counted;

static void *counting(void *user, void *ptr, size_t old_size, size_t size) {
    counted *c = (counted *)user;
    if (!size) {
        c->now -= old_size;
        free(ptr);
        return NULL;
    }
    if (c->refuse == c->given) return NULL;
    c->given++;
    c->now += size;
    if (c->now > c->most) c->most = c->now;
    return malloc(size);
}

static llmf_tokens_desc rank_file(int which) {
    static char paths[2][4200];
    llmf_tokens_desc d;
    char name[64];
    memset(&d, 0, sizeof d);
    snprintf(name, sizeof name, "corpora/tiktoken/%s.tiktoken", encodings[which]);
    snprintf(paths[which], sizeof paths[which], "%s", corpus_path(name));
    d.path = paths[which];
    return d;
}

static int open_full(void **state) {
    int i;
    (void)state;
    for (i = 0; i < 2; i++) {
        llmf_tokens_desc d = rank_file(i);
        FILE *f = fopen(d.path, "rb");
        llmf_error err;
        if (!f) continue;
        fseek(f, 0, SEEK_END);
        file_size[i] = (size_t)ftell(f);
        fclose(f);
        full[i] = llmf_tokens_open(NULL, &d, &err);
        if (!full[i]) fail_msg("%s", err.text);
    }
    return 0;
}

static int close_full(void **state) {
    (void)state;
    llmf_tokens_close(full[0]);
    llmf_tokens_close(full[1]);
    llmf_tokens_close(NULL);
    return 0;
}

/* Each byte, then some pairs: a file of 256 + 7 lines, whose last token is "hello" at 262. */
static llmf_str small_ranks(void) {
    static const char *const more[] = {"he", "ll", "hell", " h", "lo", "aa", "hello"};
    static char text[8192];
    size_t len = 0, i;
    for (i = 0; i < 256 + KIT_COUNT(more); i++) {
        unsigned char byte = (unsigned char)i;
        len += i < 256 ? llmfi_base64_encode(text + len, &byte, 1) : llmfi_base64_encode(text + len, more[i - 256], strlen(more[i - 256]));
        len += (size_t)sprintf(text + len, " %u\n", (unsigned)i);
    }
    return llmfi_str(text, len);
}

static llmf_tokens_desc small_desc(llmf_str ranks) {
    llmf_tokens_desc d;
    memset(&d, 0, sizeof d);
    d.bytes = ranks.ptr;
    d.len = ranks.len;
    d.encoding = "o200k";
    return d;
}

/* ---- the vectors ---- */

static uint32_t ids[1 << 20];
static char back[1 << 20];

static void check_text(llmf_tokens *t, llmf_str text, const uint32_t *want, size_t count, const char *where) {
    static uint32_t cut[64];
    int64_t n = llmf_tokens_encode(t, text, 0, ids, KIT_COUNT(ids));
    if (n != (int64_t)count || (count && memcmp(ids, want, count * sizeof *ids) != 0)) fail_msg("%s: %.*s", where, (int)text.len, text.ptr);
    assert_int_equal(llmf_tokens_encode(t, text, 0, NULL, 0), n);
    assert_int_equal(llmf_tokens_encode(t, text, 0, cut, n / 2 < 63 ? (size_t)n / 2 : 63), n);
    assert_true(n / 2 == 0 || cut[0] == ids[0]);
    assert_true(n / 2 >= 63 || cut[n / 2] == 0);
    memset(cut, 0, sizeof cut);
    assert_int_equal(llmf_tokens_decode(t, ids, count, back, sizeof back), text.len);
    assert_memory_equal(back, text.ptr, text.len);
}

/* "…[1,2, 3]": the numbers. */
static size_t read_ids(const char *at, uint32_t *to, size_t cap) {
    size_t n = 0;
    char *end;
    for (at++; *at && *at != ']' && n < cap; at = end + (*end == ',')) to[n++] = (uint32_t)strtoul(at, &end, 10);
    return n;
}

static void test_vectors(void **state) {
    static uint32_t want[1 << 16];
    int i;
    (void)state;
    if (!full[0] || !full[1]) skip();
    for (i = 0; i < 2; i++) {
        char name[64];
        llmf_str all;
        char *line, *next;
        int count = 0;
        snprintf(name, sizeof name, "corpora/tiktoken/vectors-%s.jsonl", encodings[i]);
        all = corpus_read(corpus_path(name));
        assert_non_null(all.ptr);
        for (line = (char *)(uintptr_t)all.ptr; line < all.ptr + all.len; line = next, count++) {
            char *text = strstr(line, "\"text_base64\":\""), *quote = text ? strchr(text + 15, '"') : NULL, *tokens = quote ? strstr(quote, "\"tokens\":[") : NULL;
            size_t len = 0;
            next = (char *)memchr(line, '\n', (size_t)(all.ptr + all.len - line));
            assert_true(tokens && next);
            assert_true(llmfi_base64_decode(llmfi_str(text + 15, (size_t)(quote - text - 15)), back + sizeof back / 2, sizeof back / 2, &len));
            *next++ = '\0';
            check_text(full[i], llmfi_str(back + sizeof back / 2, len), want, read_ids(tokens + 9, want, KIT_COUNT(want)), encodings[i]);
        }
        printf("%s: %d of %d vectors, and back again\n", encodings[i], count, count);
        assert_int_equal(count, 829);
        free((char *)(uintptr_t)all.ptr);
    }
}

/* Microsoft's plans: EncodingName, Sample (of several lines), Encoded. */
static void test_plans(void **state) {
    static uint32_t want[1 << 14];
    llmf_str all = corpus_read(corpus_path("corpora/tiktoken/TestPlans.txt"));
    int counts[2] = {0, 0}, i;
    char *at, *text;
    (void)state;
    if (!all.ptr || !full[0] || !full[1]) skip();
    text = (char *)malloc(all.len + 1);
    assert_non_null(text);
    memcpy(text, all.ptr, all.len);
    text[all.len] = '\0';
    for (at = strstr(text, "EncodingName: "); at;) {
        char *name = at + 14, *sample = strstr(name, "\nSample: "), *encoded = sample ? strstr(sample, "\nEncoded: [") : NULL;
        assert_non_null(encoded);
        at = strstr(encoded, "\nEncodingName: ");
        for (i = 0; i < 2; i++)
            if (strncmp(name, encodings[i], strlen(encodings[i])) == 0) {
                check_text(full[i], llmfi_str(sample + 9, (size_t)(encoded - sample - 9)), want, read_ids(encoded + 10, want, KIT_COUNT(want)), "TestPlans");
                counts[i]++;
            }
        if (at) at++;
    }
    printf("TestPlans.txt: %d of cl100k_base, %d of o200k_base\n", counts[0], counts[1]);
    assert_int_equal(counts[0], 64);
    assert_int_equal(counts[1], 57);
    free(text);
    free((char *)(uintptr_t)all.ptr);
}

/* Whatever the bytes, also no UTF-8 and cut anywhere: they come back. Ids of a part are a part of the bytes. */
static void test_round_trips(void **state) {
    static const char text[] = "He said: \xe2\x80\x9cna\xc3\xafve caf\xc3\xa9\xe2\x80\x9d 12345678 \xd0\xbf\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82   \r\n\t\n  \xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e \xf0\x9f\x91\x8d\xf0\x9f\x8f\xbd "
                               "\xff\xfe\x80 \xed\xa0\x80 \xf4\x90\x80\x80 they'VE I'll \xe0\xa4\x95\xe0\xa5\x8d\xe0\xa4\xb7 http://x.test/a?b=c&d=%20 <|endoftext|> \xc5";
    llmf_error err;
    llmf_tokens_desc d = small_desc(small_ranks());
    llmf_tokens *handles[3], *t;
    size_t i, k, len = sizeof text - 1;
    uint32_t seed = 1;
    (void)state;
    handles[0] = llmf_tokens_open(NULL, &d, &err);
    assert_non_null(handles[0]);
    handles[1] = full[0];
    handles[2] = full[1];
    for (k = 0; k < 3; k++) {
        if (!(t = handles[k])) continue;
        for (i = 0; i <= len; i++) {
            int64_t n = llmf_tokens_encode(t, llmfi_str(text, i), LLMF_TOKENS_SPECIAL, ids, KIT_COUNT(ids)), m;
            assert_true(n >= 0 && n <= (int64_t)i);
            assert_int_equal(llmf_tokens_decode(t, ids, (size_t)n, back, sizeof back), i);
            assert_memory_equal(back, text, i);
            m = llmf_tokens_decode(t, ids, (size_t)n / 2, back, sizeof back);
            assert_true(m >= 0 && m <= (int64_t)i && memcmp(back, text, (size_t)m) == 0);
            memset(back, '#', 8);
            assert_int_equal(llmf_tokens_decode(t, ids, (size_t)n, back, 5), i);
            assert_true(back[5] == '#' && memcmp(back, text, i < 5 ? i : 5) == 0);
        }
        for (i = 0; i < 300; i++) {
            char bytes[200];
            int64_t n;
            for (len = 0; len < 20 + i % 180; len++) bytes[len] = (char)((seed = seed * 1664525u + 1013904223u) >> (i % 2 ? 24 : 28));
            n = llmf_tokens_encode(t, llmfi_str(bytes, len), 0, ids, KIT_COUNT(ids));
            assert_int_equal(llmf_tokens_decode(t, ids, (size_t)n, back, sizeof back), len);
            assert_memory_equal(back, bytes, len);
        }
        len = sizeof text - 1;
    }
    assert_int_equal(llmf_tokens_encode(handles[0], llmfi_str("hello", 5), 0, ids, 8), 1);
    assert_int_equal(ids[0], 262);
    llmf_tokens_close(handles[0]);
}

static void test_special(void **state) {
    llmf_str text = llmfi_cstr("a<|endoftext|>b<|fim_prefix|><|endofprompt|");
    static const int64_t special[] = {12, 15};
    int i;
    (void)state;
    if (!full[0] || !full[1]) skip();
    for (i = 0; i < 2; i++) {
        int64_t n = llmf_tokens_encode(full[i], text, LLMF_TOKENS_SPECIAL, ids, 64), k;
        uint32_t end = i ? 199999 : 100257;
        assert_true(n > 3 && n <= special[i] && ids[1] == end);
        assert_int_equal(llmf_tokens_decode(full[i], ids, (size_t)n, back, sizeof back), text.len);
        assert_memory_equal(back, text.ptr, text.len);
        for (k = 0; k < n && ids[k] != 100258; k++) continue;
        assert_true(i ? k == n : ids[k] == 100258); /* cl100k_base alone has it */
        n = llmf_tokens_encode(full[i], text, 0, ids, 64);
        for (k = 0; k < n; k++) assert_true(ids[k] < (i ? 199998u : 100256u));
        ids[0] = i ? 199998 : 100256; /* nobody has these */
        assert_int_equal(llmf_tokens_decode(full[i], ids, 1, back, 8), -LLMF_ERR_ARGUMENT);
        ids[0] = 0xffffffffu;
        assert_int_equal(llmf_tokens_decode(full[i], ids, 1, back, 8), -LLMF_ERR_ARGUMENT);
    }
    assert_int_equal(llmf_tokens_encode(full[0], llmfi_str(NULL, 1), 0, ids, 8), -LLMF_ERR_ARGUMENT);
    assert_int_equal(llmf_tokens_encode(NULL, text, 0, ids, 8), -LLMF_ERR_ARGUMENT);
    assert_int_equal(llmf_tokens_encode(full[0], text, 0, NULL, 8), -LLMF_ERR_ARGUMENT);
    assert_int_equal(llmf_tokens_decode(full[0], NULL, 1, back, 8), -LLMF_ERR_ARGUMENT);
    assert_int_equal(llmf_tokens_decode(NULL, ids, 1, back, 8), -LLMF_ERR_ARGUMENT);
    assert_int_equal(llmf_tokens_decode(full[0], ids, 1, NULL, 8), -LLMF_ERR_ARGUMENT);
}

/* ---- long pieces ---- */

/* The rule itself: of all pairs that are a token, the one of the lowest rank, the first of those, until there is none. */
static size_t merge_slowly(const llmfi_ranks *r, const unsigned char *p, size_t n, uint32_t *to) {
    static uint32_t at[4096];
    size_t parts = n, i, best;
    for (i = 0; i <= n; i++) at[i] = (uint32_t)i;
    for (;;) {
        uint32_t least = LLMFI_NO_RANK, rank;
        for (best = i = 0; i + 1 < parts; i++)
            if ((rank = llmfi_bpe_rank(r, p + at[i], at[i + 2] - at[i])) < least) least = rank, best = i;
        if (least == LLMFI_NO_RANK) break;
        memmove(at + best + 1, at + best + 2, (parts - best - 1) * sizeof *at);
        parts--;
    }
    for (i = 0; i < parts; i++) to[i] = llmfi_bpe_rank(r, p + at[i], at[i + 1] - at[i]);
    return parts;
}

static void test_long(void **state) {
    static const char *const units[] = {"a", "ab", "qzxjkv", "\xd0\xbf\xd1\x80\xd0\xb8", "\xe6\x97\xa5", "lorem"};
    static char text[400000];
    static uint32_t slow[4096];
    llmfi_ids out;
    size_t i, k, n;
    (void)state;
    if (!full[0] || !full[1]) skip();
    for (k = 0; k < 2; k++)
        for (i = 0; i < KIT_COUNT(units); i++)
            for (n = 90; n < 700; n = n < 100 ? n + 1 : n * 2) { /* on both sides of LLMFI_BPE_SHORT */
                size_t len;
                for (len = 0; len < n; len++) text[len] = units[i][len % strlen(units[i])];
                out.ids = ids;
                out.cap = KIT_COUNT(ids);
                out.count = 0;
                assert_true(llmfi_bpe_piece(&full[k]->ranks, &full[k]->store, &full[k]->words, text, n, &out));
                len = merge_slowly(&full[k]->ranks, (const unsigned char *)text, n, slow);
                if ((size_t)out.count != 1) assert_int_equal(out.count, len);
                if ((size_t)out.count != 1) assert_memory_equal(ids, slow, len * sizeof *ids);
            }
    for (k = 0; k < 2; k++) {
        double seconds[2];
        for (i = 0; i < 2; i++) {
            clock_t begin = clock();
            n = i ? sizeof text : sizeof text / 4;
            memset(text, 'a', n);
            assert_int_equal(llmf_tokens_encode(full[k], llmfi_str(text, n), 0, ids, KIT_COUNT(ids)), n / 8);
            seconds[i] = (double)(clock() - begin) / CLOCKS_PER_SEC;
        }
        printf("%s: a run of one letter: 100 KB in %.0f ms, 400 KB in %.0f ms\n", encodings[k], seconds[0] * 1000, seconds[1] * 1000);
        assert_true(seconds[1] < 10 * seconds[0] + 0.2); /* were it quadratic: sixteen times, of minutes */
    }
}

/* ---- memory ---- */

static void test_memory_used(void **state) {
    int i;
    (void)state;
    if (!full[0] || !full[1]) skip();
    for (i = 0; i < 2; i++) {
        llmf_tokens_desc d = rank_file(i);
        counted c = {-1, 0, 0, 0};
        llmf_tokens *t;
        size_t loaded;
        d.alloc = counting;
        d.user = &c;
        t = llmf_tokens_open(NULL, &d, NULL);
        assert_non_null(t);
        loaded = c.now;
        assert_true(llmf_tokens_encode(t, llmfi_cstr("some words, and a_very_long_identifier_that_is_no_token"), 0, NULL, 0) > 0);
        printf("%s: the file %zu bytes, in memory %zu (%.2f of it), at most while it was read %zu\n", encodings[i], file_size[i], loaded, (double)loaded / (double)file_size[i], c.most);
        assert_true(c.most * 2 < file_size[i] * 3 && c.now == loaded);
        llmf_tokens_close(t);
        assert_int_equal(c.now, 0);
    }
}

/* Refused at each place: a handle and its image, then a long piece. Nothing stays behind. */
static void test_no_memory(void **state) {
    static char block[1 << 16], run[2000];
    llmf_tokens_desc d = small_desc(small_ranks());
    llmf_error err;
    llmf_tokens *t;
    long refuse;
    size_t size, first = 0;
    (void)state;
    memset(run, 'x', sizeof run);
    d.alloc = counting;
    for (refuse = 0; refuse < 3; refuse++) {
        counted c = {0, 0, 0, 0};
        c.refuse = refuse;
        d.user = &c;
        t = llmf_tokens_open(NULL, &d, &err);
        assert_int_equal(t != NULL, refuse == 2);
        if (!t) assert_int_equal(err.code, LLMF_ERR_MEMORY);
        if (t) assert_int_equal(llmf_tokens_encode(t, llmfi_str(run, sizeof run), 0, NULL, 0), -LLMF_ERR_MEMORY);
        if (t) assert_int_equal(llmf_tokens_encode(t, llmfi_str(run, 90), 0, NULL, 0), 90); /* and goes on */
        llmf_tokens_close(t);
        assert_int_equal(c.now, 0);
    }
    for (refuse = 0; full[0] && refuse < 4; refuse++) { /* the handle, the image, the words that are kept, which may be missing, a long piece */
        llmf_tokens_desc e = rank_file(0);
        counted c = {0, 0, 0, 0};
        c.refuse = refuse;
        e.alloc = counting;
        e.user = &c;
        t = llmf_tokens_open(NULL, &e, &err);
        assert_int_equal(t != NULL, refuse >= 2);
        if (!t) assert_int_equal(err.code, LLMF_ERR_MEMORY);
        if (t) assert_int_equal(t->words.at != NULL, refuse != 2);
        if (t) assert_int_equal(llmf_tokens_encode(t, llmfi_str(run, sizeof run), 0, NULL, 0) < 0, refuse >= 2);
        if (t) assert_int_equal(llmf_tokens_encode(t, llmfi_cstr("a Kraftfahrzeughaftpflichtversicherung"), 0, NULL, 0), llmf_tokens_encode(full[0], llmfi_cstr("a Kraftfahrzeughaftpflichtversicherung"), 0, NULL, 0));
        llmf_tokens_close(t);
        assert_int_equal(c.now, 0);
    }
    d.alloc = NULL;
    for (size = 1; size < sizeof block; size += 97) { /* a block of each size, at an odd address */
        d.memory = block + 1;
        d.memory_size = size;
        memset(block + 1 + size, 0x5a, sizeof block - 1 - size);
        t = llmf_tokens_open(NULL, &d, &err);
        if (!t) assert_int_equal(err.code, LLMF_ERR_MEMORY);
        if (t && !first) first = size;
        if (t) {
            int64_t n = llmf_tokens_encode(t, llmfi_str(run, sizeof run), 0, NULL, 0);
            assert_true(n == 2000 || n == -LLMF_ERR_MEMORY);
            assert_true(n == 2000 || size < first + 12 * sizeof run + 128);
            assert_int_equal(llmf_tokens_encode(t, llmfi_str("hello", 5), 0, NULL, 0), 1);
        }
        llmf_tokens_close(t);
        assert_true(block[1 + size] == 0x5a);
    }
    printf("a block: %zu bytes for a file of %zu\n", first, d.len);
    assert_true(first && first < 8000);
}

static void test_factory_memory(void **state) {
    kit_world world;
    llmf_desc d;
    llmf_tokens_desc ranks = small_desc(small_ranks());
    llmf_memory_info before, after;
    llmf_tokens *t;
    llmf_factory *f;
    llmf_error err;
    uint64_t nth;
    memset(&world, 0, sizeof world);
    d = kit_desc(&world);
    (void)state;
    d.no_env = true;
    d.log = NULL;
    f = llmf_open(&d, &err);
    assert_non_null(f);
    llmf_memory(f, &before);
    for (nth = 1; nth < 4; nth++) {
        llmf_fail_memory(f, nth, true);
        t = llmf_tokens_open(f, &ranks, &err);
        llmf_fail_memory(f, 0, false);
        assert_int_equal(t != NULL, nth == 3);
        if (!t) assert_int_equal(err.code, LLMF_ERR_MEMORY);
        if (!t) assert_non_null(strstr(err.text, "llmf_desc.memory_size"));
        llmf_memory(f, &after);
        assert_int_equal(after.used > before.used, t != NULL);
        llmf_tokens_close(t);
        llmf_memory(f, &after);
        assert_int_equal(after.used, before.used);
    }
    llmf_close(f);
}

/* ---- files that are wrong ---- */

static void test_bad_files(void **state) {
    static const struct {
        const char *from, *to;     /* in the small file; from NULL: `to` is all of it */
        unsigned line;
        const char *words;
    } rows[] = {
        {NULL, "", 0, "fewer tokens than bytes"},
        {NULL, "AA== 0\n", 0, "fewer tokens than bytes"},
        {NULL, "<!DOCTYPE html>\n", 1, "the rank is no number"},
        {NULL, "\n\nhello\n", 3, "a token in base64, a blank and its rank"},
        {NULL, " 0\n", 1, "a token in base64"},
        {"Ag== 2\n", "Ag==2\n", 3, "a token in base64"},
        {"Ag== 2\n", "Ag== x2\n", 3, "the rank is no number"},
        {"Ag== 2\n", "Ag== -2\n", 3, "the rank is no number"},
        {"Ag== 2\n", "Ag== 2 2\n", 3, "the rank is no number"},
        {"Ag== 2\n", "Ag== 262143\n", 3, "the rank is no number"},
        {"Ag== 2\n", "Ag== 99999999999999999999\n", 3, "the rank is no number"},
        {"Ag== 2\n", "Ag== 1\n", 3, "not above the one of the line before"},
        {"Ag== 2\n", "Ag== 4\n", 4, "not above the one of the line before"},
        {"Ag== 2\n", "A!== 2\n", 3, "not valid base64"},
        {"Ag== 2\n", "Ah== 2\n", 3, "not valid base64"},
        {"Ag== 2\n", "== 2\n", 3, "a token has 1 to 1024 bytes"},
        {"Ag== 2\n", "AQ== 2\n", 3, "stands in a line before already"},
        {"Ag== 2\n", "AgI= 2\n", 0, "not each byte is a token"},
        {"Ag== 2\n", "", 0, "not each byte is a token"},
    };
    llmf_str good = small_ranks();
    char text[9000];
    size_t i, bad = 0, opened = 0;
    llmf_tokens_desc d = small_desc(good);
    llmf_error err;
    llmf_tokens *t;
    (void)state;
    for (i = 0; i < KIT_COUNT(rows); i++) {
        counted c = {-1, 0, 0, 0};
        const char *at = rows[i].from ? strstr(good.ptr, rows[i].from) : NULL;
        if (!at) snprintf(text, sizeof text, "%s", rows[i].to);
        else snprintf(text, sizeof text, "%.*s%s%s", (int)(at - good.ptr), good.ptr, rows[i].to, at + strlen(rows[i].from));
        d.bytes = text;
        d.len = strlen(text);
        d.alloc = counting;
        d.user = &c;
        t = llmf_tokens_open(NULL, &d, &err);
        if (t || err.code != LLMF_ERR_CONFIG || err.line != rows[i].line || !strstr(err.text, rows[i].words)) fail_msg("%zu: line %u: %s", i, err.line, t ? "it opens" : err.text);
        assert_int_equal(c.now, 0);
    }
    memset(text, 'A', 4000); /* a line too long for the reader */
    assert_int_equal(snprintf(text + 4000, 20, " 0\n"), 3);
    d = small_desc(good);
    d.bytes = text;
    d.len = 4003;
    assert_null(llmf_tokens_open(NULL, &d, &err));
    assert_true(err.line == 1 && strstr(err.text, "1 to 1024"));
    d = small_desc(good);
    for (d.len = 0; d.len < good.len; d.len++) { /* cut anywhere: an error, or a shorter file */
        t = llmf_tokens_open(NULL, &d, &err);
        if (t) opened++;
        else bad++, assert_int_equal(err.code, LLMF_ERR_CONFIG);
        llmf_tokens_close(t);
    }
    printf("%zu kinds of wrong files; cut at each of %zu bytes: %zu refused, %zu good ones\n", KIT_COUNT(rows) + 1, good.len, bad, opened);
    assert_true(bad > good.len - 120 && opened > 0);
}

/* From a file, by pieces of the reader's buffer; and what is wrong with it is told with its name. */
static void test_paths(void **state) {
    char path[] = "/tmp/llmf_ranks_XXXXXX";
    llmf_str good = small_ranks();
    llmf_tokens_desc d;
    llmf_tokens *t;
    llmf_error err;
    int fd = mkstemp(path);
    (void)state;
#ifdef _WIN32
    skip(); /* there mkstemp keeps the file to itself */
#endif
    memset(&d, 0, sizeof d);
    assert_true(fd >= 0 && write(fd, good.ptr, good.len) == (ssize_t)good.len);
    d.path = path;
    assert_null(llmf_tokens_open(NULL, &d, &err)); /* 263 tokens: which encoding? */
    assert_true(err.code == LLMF_ERR_CONFIG && strstr(err.text, "llmf_tokens_desc.encoding") && strstr(err.text, path));
    d.encoding = "cl100k_base";
    t = llmf_tokens_open(NULL, &d, &err);
    assert_non_null(t);
    assert_int_equal(llmf_tokens_encode(t, llmfi_cstr("hello hello"), 0, ids, 8), 3);
    llmf_tokens_close(t);
    assert_true(write(fd, "eA== 300\n", 9) == 9);
    assert_null(llmf_tokens_open(NULL, &d, &err));
    assert_true(err.line == 264 && strstr(err.text, path) && strstr(err.text, ":264: ") && strstr(err.text, "before already"));
    close(fd);
    unlink(path);
    assert_null(llmf_tokens_open(NULL, &d, &err));
    assert_true(err.code == LLMF_ERR_CONFIG && strstr(err.text, path));
    d.encoding = "p50k_base";
    assert_null(llmf_tokens_open(NULL, &d, &err));
    assert_true(err.code == LLMF_ERR_ARGUMENT && strstr(err.text, "p50k_base") && strstr(err.text, "o200k_base"));
    d.encoding = NULL;
    d.bytes = "x";
    assert_null(llmf_tokens_open(NULL, &d, &err));
    assert_int_equal(err.code, LLMF_ERR_ARGUMENT);
    assert_null(llmf_tokens_open_abi(NULL, NULL, 0, &err));
    assert_int_equal(err.code, LLMF_ERR_ARGUMENT);
}

/* An image is used where it stands; one that is damaged is refused, or does no harm. */
static void test_images(void **state) {
    llmf_tokens_desc d = small_desc(small_ranks());
    llmf_error err;
    llmf_tokens *t = llmf_tokens_open(NULL, &d, &err), *other;
    uint32_t *image;
    counted c = {-1, 0, 0, 0};
    size_t i, size, refused = 0;
    (void)state;
    assert_non_null(t);
    size = t->image_size;
    image = (uint32_t *)malloc(size);
    assert_non_null(image);
    memcpy(image, t->image, size);
    memset(&d, 0, sizeof d);
    d.bytes = image;
    d.len = size;
    d.alloc = counting;
    d.user = &c;
    other = llmf_tokens_open(NULL, &d, &err);
    assert_non_null(other);
    assert_true(c.now == sizeof *other);
    assert_int_equal(llmf_tokens_encode(other, llmfi_cstr("hello!"), 0, ids, 8), 2);
    assert_int_equal(ids[0], 262);
    llmf_tokens_close(other);
    for (d.len = 0; d.len < size; d.len += 3) assert_null(llmf_tokens_open(NULL, &d, &err));
    d.len = size;
    for (i = 0; i < size; i++) {
        unsigned char *byte = (unsigned char *)image + i;
        *byte ^= (unsigned char)(1u << i % 8);
        other = llmf_tokens_open(NULL, &d, &err);
        if (!other) refused++;
        else assert_true(llmf_tokens_encode(other, llmfi_cstr("hello, hello aa\xff"), 0, ids, 64) > 0);
        llmf_tokens_close(other);
        *byte ^= (unsigned char)(1u << i % 8);
    }
    printf("an image of %zu bytes with one bit turned: %zu times refused\n", size, refused);
    assert_true(refused > size / 4);
    free(image);
    llmf_tokens_close(t);
}

/* ---- estimates ---- */

enum { MOST_ROWS = 400 };

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double at_share(double *errors, size_t n, double share) {
    size_t at = (size_t)(share * (double)n);
    return errors[at < n ? at : n - 1] * 100;
}

/* The paragraphs that the weights were not fitted to: every other one. */
static void test_estimates(void **state) {
    static char text[1 << 16];
    static double all[2][2][MOST_ROWS]; /* encoding, ours and bytes / 4 */
    size_t count = 0, len, e, k;
    char *p, *next, heading[32] = "";
    FILE *f = fopen("tests/data/tokens.txt", "rb");
    bool fitted = false;
    double sums[2][4] = {{0, 0, 0, 0}, {0, 0, 0, 0}}; /* exact, ours, bytes / 4, paragraphs: of the heading */
    (void)state;
    if (!full[0] || !full[1]) skip();
    if (!f) f = fopen("../tests/data/tokens.txt", "rb");
    assert_non_null(f);
    len = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[len] = '\0';
    printf("%-12s %28s %28s\n%-12s %28s %28s\n", "estimates", "cl100k_base", "o200k_base", "", "exact  ours     off    /4 off", "exact  ours     off    /4 off");
    for (p = text; p; p = next) {
        bool head = strncmp(p, "## ", 3) == 0;
        next = strstr(p, head ? "\n" : "\n\n");
        if (next) *next++ = '\0';
        while (next && *next == '\n') next++;
        if (head || !next) {
            if (*heading)
                printf("%-12s %6.0f %5.0f %+6.1f%% %+8.1f%% %6.0f %5.0f %+6.1f%% %+8.1f%%\n", heading, sums[0][0], sums[0][1], (sums[0][1] / sums[0][0] - 1) * 100, (sums[0][2] / sums[0][0] - 1) * 100,
                       sums[1][0], sums[1][1], (sums[1][1] / sums[1][0] - 1) * 100, (sums[1][2] / sums[1][0] - 1) * 100);
            memset(sums, 0, sizeof sums);
            snprintf(heading, sizeof heading, "%.30s", p + 3);
            fitted = true;
            if (head) continue;
        }
        if (!fitted && strlen(p) > 40) {
            for (e = 0; e < 2; e++) {
                double exact = (double)llmf_tokens_encode(full[e], llmfi_cstr(p), 0, NULL, 0), ours = (double)llmfi_bpe_estimate((int)e + 1, llmfi_cstr(p)), quarter = (double)strlen(p) / 4;
                all[e][0][count] = (ours > exact ? ours - exact : exact - ours) / exact;
                all[e][1][count] = (quarter > exact ? quarter - exact : exact - quarter) / exact;
                sums[e][0] += exact;
                sums[e][1] += ours;
                sums[e][2] += quarter;
            }
            count++;
        }
        fitted = !fitted;
    }
    assert_true(count > 30 && count < MOST_ROWS);
    for (e = 0; e < 2; e++) {
        for (k = 0; k < 2; k++) qsort(all[e][k], count, sizeof(double), by_size);
        printf("%s, %zu paragraphs: off by %.1f%% (median), %.1f%% (p95); bytes / 4 by %.1f%%, %.1f%%\n", encodings[e], count, at_share(all[e][0], count, 0.5), at_share(all[e][0], count, 0.95),
               at_share(all[e][1], count, 0.5), at_share(all[e][1], count, 0.95));
        assert_true(at_share(all[e][0], count, 0.5) < 12 && at_share(all[e][0], count, 0.95) < 40);
        assert_true(at_share(all[e][0], count, 0.5) < at_share(all[e][1], count, 0.5) && at_share(all[e][0], count, 0.95) < at_share(all[e][1], count, 0.95));
    }
    assert_int_equal(sizeof llmfi_tk_weights, 2 * 2 * LLMFI_TK_COUNT * sizeof(int16_t));
    assert_int_equal(llmfi_bpe_estimate(LLMFI_O200K, llmfi_str("", 0)), 0);
    assert_true(llmfi_bpe_estimate(LLMFI_CL100K, llmfi_cstr("\xff\xff\xff\xff")) > 0);
}

/* ---- requests ---- */

#define CONFIG "models: {paid: {provider: openai, model_id: %s, max_tokens: 100, input_token_cost_usd_per_million: 1, output_token_cost_usd_per_million: 1}}\nbudgets: {day_usd: 1}\n"

static kit_world world;
static int warnings;

static void heard(void *user, int level, int id, llmf_str text) {
    (void)user, (void)id;
    if (level <= LLMF_LOG_WARNING && strstr(text.ptr, "llmf_tokens_desc")) warnings++;
}

static llmf_factory *open_with(const char *model, const llmf_tokens_desc *ranks, size_t count) {
    static char config[1000];
    llmf_desc d = kit_desc(&world);
    llmf_error err;
    llmf_factory *f;
    snprintf(config, sizeof config, CONFIG, model);
    d.no_env = true;
    d.config_text = config;
    d.log = heard;
    d.transport = "replay";
    d.api_key = "k";
    d.ranks = ranks;
    d.rank_count = count;
    f = llmf_open(&d, &err);
    if (!f) fail_msg("%s", err.text);
    return f;
}

static int64_t count(llmf_factory *f, const char *name, const llmf_request *r, int method) {
    int how = 0;
    llmf_error err;
    int64_t n = llmf_count_tokens(f, llmf_get(f, name, &err), r, &how);
    assert_int_equal(how, method);
    return n;
}

static void test_requests(void **state) {
    llmf_tokens_desc ranks[2];
    llmf_message m[3];
    llmf_tool tool;
    llmf_request r;
    llmf_input input;
    llmf_str text = llmfi_cstr("hello hello");
    llmf_factory *f;
    llmf_memory_info before, after;
    int how;
    (void)state;
    ranks[0] = small_desc(small_ranks()); /* hello is a token, a blank and most letters are one each */
    ranks[1] = small_desc(small_ranks());
    ranks[1].encoding = "cl100k_base";
    f = open_with("gpt-4o", ranks, 1);
    llmf_memory(f, &before);
    memset(&r, 0, sizeof r);
    r.prompt = "hello";
    llmf_memory(f, &after);
    assert_int_equal(before.used, after.used);           /* nothing is read before it is needed */
    assert_int_equal(count(f, "paid", &r, LLMF_TOKENS_EXACT), 3 + 1 + 1 + 3);
    llmf_memory(f, &after);
    assert_true(after.used > before.used);
    r.system = "hello";
    assert_int_equal(count(f, "paid", &r, LLMF_TOKENS_EXACT), 13);
    assert_int_equal(count(f, "openai:gpt-5-mini", &r, LLMF_TOKENS_EXACT), 12);      /* its answer begins with one token less */
    assert_int_equal(count(f, "openai:ft:gpt-4o-mini:x", &r, LLMF_TOKENS_EXACT), 13);
    count(f, "openai:gpt-4", &r, LLMF_TOKENS_ESTIMATE);                              /* cl100k_base is not there */
    count(f, "openai:gpt-oss-20b", &r, LLMF_TOKENS_ESTIMATE);                        /* nobody says what its messages are put in */
    count(f, "openai:some-other", &r, LLMF_TOKENS_ESTIMATE);
    memset(m, 0, sizeof m);
    m[0].content = m[1].content = m[2].content = "hello";
    m[1].role = LLMF_ASSISTANT;
    r.prompt = r.system = NULL;
    r.messages = m;
    r.message_count = 3;
    assert_int_equal(count(f, "paid", &r, LLMF_TOKENS_EXACT), 3 * 5 + 3);
    assert_int_equal(count(f, "openai:o3", &r, LLMF_TOKENS_EXACT), 3 * 5 + 2 + 2);
    memset(&tool, 0, sizeof tool);
    tool.name = "look";
    tool.parameters = "{\"type\":\"object\"}";
    r.tools = &tool;
    r.tool_count = 1;
    assert_true(count(f, "paid", &r, LLMF_TOKENS_ESTIMATE) > 18 + 20);
    r.tool_count = 0;
    r.format = "json";
    assert_true(count(f, "paid", &r, LLMF_TOKENS_ESTIMATE) > 18);
    memset(&r, 0, sizeof r);
    memset(&input, 0, sizeof input);
    r.op = LLMF_OP_EMBED;
    r.input = &input;
    input.texts = &text;
    input.text_count = 1;
    assert_int_equal(count(f, "paid", &r, LLMF_TOKENS_EXACT), 3);
    assert_int_equal(llmf_count_tokens(NULL, llmf_get(f, "paid", NULL), &r, NULL), -LLMF_ERR_ARGUMENT);
    assert_int_equal(llmf_count_tokens_abi(f, llmf_get(f, "paid", NULL), NULL, 0, &how), -LLMF_ERR_ARGUMENT);
    {
        llmf_model gone = {77};
        assert_int_equal(llmf_count_tokens(f, gone, &r, NULL), -LLMF_ERR_STALE);
    }
    llmf_close(f);
    f = open_with("gpt-4", ranks, 2);                    /* the second of two */
    assert_int_equal(count(f, "paid", &r, LLMF_TOKENS_EXACT), 3);
    llmf_close(f);
    ranks[0].len = 100;                                  /* told once, and counted on by estimate */
    f = open_with("gpt-4o", ranks, 1);
    warnings = 0;
    count(f, "paid", &r, LLMF_TOKENS_ESTIMATE);
    count(f, "paid", &r, LLMF_TOKENS_ESTIMATE);
    assert_int_equal(warnings, 1);
    llmf_close(f);
}

/* What a budget holds for a call: what was counted, and a little, where that is exact; else its bound of two bytes a token. */
static void test_budgets(void **state) {
    static const char *const prompts[] = {"hello", "hello hello hello hello hello hello hello hello", "\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80 \xe2\x88\x80\xe2\x88\x83"};
    llmf_tokens_desc ranks = small_desc(small_ranks());
    size_t i;
    (void)state;
    for (i = 0; i < KIT_COUNT(prompts); i++) {
        llmf_factory *f = open_with("gpt-4o", &ranks, 1);
        llmf_request r;
        llmf_call c, d;
        llmf_budget_info b;
        int64_t exact, held;
        llmf_recording silent;
        memset(&r, 0, sizeof r);
        r.prompt = prompts[i];
        memset(&silent, 0, sizeof silent);
        silent.body = llmfi_cstr("{}");
        silent.stall_at = 1;
        assert_int_equal(llmf_replay(f, &silent), LLMF_OK);
        exact = count(f, "paid", &r, LLMF_TOKENS_EXACT);
        c = llmf_start(f, llmf_get(f, "paid", NULL), &r);
        assert_int_equal(llmf_budget(f, LLMF_BUDGET_DAY, NULL, &b), LLMF_OK);
        held = b.reserved_pico / 1000000 - 100;
        if (held < exact || held > exact + 6) fail_msg("%s: held %lld, counted %lld", prompts[i], (long long)held, (long long)exact);
        r.format = "json"; /* not known to the token: the bound again */
        d = llmf_start(f, llmf_get(f, "paid", NULL), &r);
        assert_int_equal(llmf_budget(f, LLMF_BUDGET_DAY, NULL, &b), LLMF_OK);
        assert_true(b.reserved_pico / 1000000 - 200 - held >= (int64_t)strlen(prompts[i]) / 2);
        llmf_free(f, c);
        llmf_free(f, d);
        llmf_close(f);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors), cmocka_unit_test(test_plans), cmocka_unit_test(test_round_trips), cmocka_unit_test(test_special), cmocka_unit_test(test_long),
        cmocka_unit_test(test_memory_used), cmocka_unit_test(test_no_memory), cmocka_unit_test(test_factory_memory), cmocka_unit_test(test_bad_files), cmocka_unit_test(test_paths),
        cmocka_unit_test(test_images), cmocka_unit_test(test_estimates), cmocka_unit_test(test_requests), cmocka_unit_test(test_budgets),
    };
    return cmocka_run_group_tests(tests, open_full, close_full);
}
