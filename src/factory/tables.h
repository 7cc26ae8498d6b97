/* models.def as tables of this build, and the look-ups in them. Rows of what is left out cost nothing, but that a provider's own row always stands:
   so "left out of this build" and "unknown" are two answers. */
#ifndef LLMFI_FACTORY_TABLES_H
#define LLMFI_FACTORY_TABLES_H
#include "../../providers/adapter.h"
#include "../options.h"

/* How a key goes out: name in C, name in a config file, header, what stands before the key in it. */
#define LLMFI_AUTHS(X)                                          \
    X(NONE, "none", "", "")                                     \
    X(BEARER, "bearer", "Authorization", "Bearer ")             \
    X(X_API_KEY, "x-api-key", "x-api-key", "")                  \
    X(API_KEY, "api-key", "api-key", "")                        \
    X(GOOG_KEY, "x-goog-api-key", "x-goog-api-key", "")         \
    X(PORTKEY_KEY, "x-portkey-api-key", "x-portkey-api-key", "") \
    X(AWS, "aws", "Authorization", "") /* a signature: see wire/sigv4.h */

enum {
#define LLMFI_AUTH_ID(id, name, header, prefix) LLMFI_AUTH_##id,
    LLMFI_AUTHS(LLMFI_AUTH_ID)
#undef LLMFI_AUTH_ID
    LLMFI_AUTH_COUNT
};

/* In their order. */
static const char llmfi_auth_headers[] =
#define LLMFI_AUTH_WORD(id, name, header, prefix) header "\0"
    LLMFI_AUTHS(LLMFI_AUTH_WORD)
#undef LLMFI_AUTH_WORD
    ;
static const char llmfi_auth_prefixes[] =
#define LLMFI_AUTH_WORD(id, name, header, prefix) prefix "\0"
    LLMFI_AUTHS(LLMFI_AUTH_WORD)
#undef LLMFI_AUTH_WORD
    ;
static const char llmfi_auth_names[] =
#define LLMFI_AUTH_WORD(id, name, header, prefix) name "\0"
    LLMFI_AUTHS(LLMFI_AUTH_WORD)
#undef LLMFI_AUTH_WORD
    ;

/* Base URLs of this build may hold {region} and its like: a config's, or those of these providers' rows. */
#define LLMFI_HAS_HOLES (LLMF_HAS_CONFIG || LLMFI_ROWS_HAVE_HOLES)

/* ---- dialects ---- */

enum {
#define LLMF_DIALECT(ID, name, built_on, framings) LLMFI_DIALECT_##ID,
#include "../../models.def"
    LLMFI_DIALECT_COUNT
};

/* In their order. */
static const char llmfi_dialect_names[] =
#define LLMF_DIALECT(ID, name, built_on, framings) name "\0"
#include "../../models.def"
    ;
static const bool llmfi_dialect_built[] = {
#define LLMF_DIALECT(ID, name, built_on, framings) LLMF_HAS_DIALECT_##ID,
#include "../../models.def"
};

/* Of a row of models.def. */
LLMFI_UNUSED static llmf_str llmfi_dialect_name(int at) {
    return llmfi_cstr(llmfi_word_at(llmfi_dialect_names, at));
}

/* ---- quirks ---- */

/* In the order of their bits. */
static const char llmfi_quirk_names[] =
#define LLMFI_QUIRK_NAME(id, name, what) name "\0"
    LLMFI_QUIRKS(LLMFI_QUIRK_NAME)
#undef LLMFI_QUIRK_NAME
    ;

/* ---- providers ---- */

typedef struct llmfi_provider_row {
    const char *name, *aliases, *base_url, *key_variables, *default_model, *api_version, *embedding_model;
    int32_t default_max_tokens, embedding_batch;
    uint32_t quirks;
    uint8_t dialect, auth;
    bool built;
} llmfi_provider_row;

/* Rows of this build: all, so that each can be told of; without INFO those that are built in, and of the others the names. */
#if LLMF_HAS_INFO
#define LLMFI_KEEP_ROW(has, ...) __VA_ARGS__
#else
#define LLMFI_KEEP_ROW(has, ...) LLMFI_KEEP(has, __VA_ARGS__)
#endif

enum {
#define LLMF_PROVIDER(ID, name, aliases, dialect, url, auth, keys, model, max, version, embedding, batch, quirks) LLMFI_KEEP_ROW(LLMF_HAS_##ID, LLMFI_P_##ID, )
#include "../../models.def"
    LLMFI_P_COUNT
};

static const llmfi_provider_row llmfi_provider_rows[] = {
#define LLMF_PROVIDER(ID, name, aliases, dialect, url, auth, keys, model, max, version, embedding, batch, quirks)                                                \
    LLMFI_KEEP_ROW(LLMF_HAS_##ID,                                                                                                                               \
                   {name, aliases, url, keys, model, version, embedding, max, batch, LLMFI_QUIRKS_##quirks, LLMFI_DIALECT_##dialect, LLMFI_AUTH_##auth, LLMF_HAS_##ID}, )
#include "../../models.def"
};

#if !LLMF_HAS_INFO
/* Those that are left out: " name:" and " alias" each. */
static const char llmfi_left_out[] = ""
#define LLMFI_LEFT_OUT(has, words) LLMFI_LEFT_OUT_IF(has, words)
#define LLMFI_LEFT_OUT_IF(has, words) LLMFI_LEFT_OUT_##has(words)
#define LLMFI_LEFT_OUT_1(words)
#define LLMFI_LEFT_OUT_0(words) " " words
#define LLMF_PROVIDER(ID, name, aliases, dialect, url, auth, keys, model, max, version, embedding, batch, quirks) LLMFI_LEFT_OUT(LLMF_HAS_##ID, name ": " aliases)
#include "../../models.def"
    ;
#endif

/* A provider that is built in needs its dialect: where provider_options.h is not of this table, it does not compile. */
enum {
#define LLMF_PROVIDER(ID, name, aliases, dialect, url, auth, keys, model, max, version, embedding, batch, quirks) \
    LLMFI_P_HAS_ITS_DIALECT_##ID = 1 / (LLMF_HAS_DIALECT_##dialect >= LLMF_HAS_##ID),
#include "../../models.def"
    LLMFI_P_ALL_HAVE
};

/* What a variable of LLMF_VARIABLE sets. */
enum { LLMFI_SETS_MODEL, LLMFI_SETS_BASE_URL, LLMFI_SETS_API_VERSION, LLMFI_SETS_REGION, LLMFI_SETS_ACCOUNT, LLMFI_SETS_RESOURCE, LLMFI_SETS_HOST, LLMFI_SETS_HEADER };

typedef struct llmfi_variable_row {
    const char *variable, *header;
    uint8_t provider, sets;
} llmfi_variable_row;

static const llmfi_variable_row llmfi_variable_rows[] = {
#define LLMF_VARIABLE(PROVIDER, variable, setting, header) LLMFI_KEEP(LLMF_HAS_##PROVIDER, {variable, header, LLMFI_P_##PROVIDER, LLMFI_SETS_##setting}, )
#include "../../models.def"
    {NULL, NULL, 0, 0}
};

/* ---- models ---- */

/* Prices fit 32 bits up to 2,147 USD per million tokens. */
typedef struct llmfi_model_row {
    const char *id;
    int32_t context, max_output;
    int32_t input, output, cache_read, cache_write_5m, cache_write_1h;
    int32_t ends;                            /* yyyymmdd; 0: not known */
    uint32_t quirks;
    char capabilities[8];                    /* letters, see models.def */
    uint16_t checked;                        /* LLMFI_DAY */
    uint8_t provider;
} llmfi_model_row;

/* yyyymmdd in 16 bits, 0 for none. */
#define LLMFI_DAY(date) (uint16_t)((date) > 20000000 ? ((date) / 10000 - 2000) * 512 + (date) / 100 % 100 * 32 + (date) % 100 : 0)

typedef struct llmfi_tier_row {
    const char *id;
    int32_t above, input, output, cache_read, cache_write;
    uint8_t provider;
} llmfi_tier_row;

typedef struct llmfi_family_row {
    const char *prefix;
    uint32_t quirks;
    uint8_t provider;
} llmfi_family_row;

static const llmfi_model_row llmfi_model_rows[] = {
#if LLMF_HAS_MODELS
#define LLMF_MODEL(PROVIDER, id, context, max_output, in, out, read, write_5m, write_1h, capabilities, quirks, checked, ends) \
    LLMFI_KEEP(LLMF_HAS_##PROVIDER, {id, context, max_output, in, out, read, write_5m, write_1h, ends, LLMFI_QUIRKS_##quirks, capabilities, LLMFI_DAY(checked), LLMFI_P_##PROVIDER}, )
#include "../../models.def"
#endif
    {NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0, "", 0, 0}
};

/* Providers whose rows count only where the provider is named, as bits. */
enum {
    LLMFI_NAMED_LOW = 0
#define LLMF_NAMED_ONLY(PROVIDER) LLMFI_KEEP(LLMF_HAS_##PROVIDER, | (LLMFI_P_##PROVIDER < 30 ? 1 << LLMFI_P_##PROVIDER % 30 : 0))
#include "../../models.def"
    , LLMFI_NAMED_HIGH = 0
#define LLMF_NAMED_ONLY(PROVIDER) LLMFI_KEEP(LLMF_HAS_##PROVIDER, | (LLMFI_P_##PROVIDER < 30 ? 0 : 1 << LLMFI_P_##PROVIDER % 30))
#include "../../models.def"
    , LLMFI_NAMED_FITS = 1 / (LLMFI_P_COUNT <= 60)
};
#define LLMFI_MUST_NAME(p) (((p) < 30 ? LLMFI_NAMED_LOW : LLMFI_NAMED_HIGH) >> (p) % 30 & 1)

/* Two indices, a byte for each row: one memchr after another finds the few rows that an id can be. Of a bare id its length, 0 where the provider must be
   named; of an id with its provider both of them mixed. */
static const uint8_t llmfi_model_lengths[] = {
#if LLMF_HAS_MODELS
#define LLMF_MODEL(PROVIDER, id, context, max_output, in, out, read, write_5m, write_1h, capabilities, quirks, checked, ends) \
    LLMFI_KEEP(LLMF_HAS_##PROVIDER, (uint8_t)(LLMFI_MUST_NAME(LLMFI_P_##PROVIDER) ? 0 : sizeof(id) - 1), )
#include "../../models.def"
#endif
    0
};

#define LLMFI_MODEL_KEY(provider, len) (uint8_t)((unsigned)(provider) * 37u + (unsigned)(len))

static const uint8_t llmfi_model_keys[] = {
#if LLMF_HAS_MODELS
#define LLMF_MODEL(PROVIDER, id, context, max_output, in, out, read, write_5m, write_1h, capabilities, quirks, checked, ends) \
    LLMFI_KEEP(LLMF_HAS_##PROVIDER, LLMFI_MODEL_KEY(LLMFI_P_##PROVIDER, sizeof(id) - 1), )
#include "../../models.def"
#endif
    0
};

static const llmfi_tier_row llmfi_tier_rows[] = {
#if LLMF_HAS_MODELS
#define LLMF_TIER(PROVIDER, id, above, in, out, read, write) LLMFI_KEEP(LLMF_HAS_##PROVIDER, {id, above, in, out, read, write, LLMFI_P_##PROVIDER}, )
#include "../../models.def"
#endif
    {NULL, 0, 0, 0, 0, 0, 0}
};

static const llmfi_family_row llmfi_family_rows[] = {
#define LLMF_FAMILY(PROVIDER, prefix, quirks) LLMFI_KEEP(LLMF_HAS_##PROVIDER, {prefix, LLMFI_QUIRKS_##quirks, LLMFI_P_##PROVIDER}, )
#include "../../models.def"
    {NULL, 0, 0}
};

typedef struct llmfi_prefix_row {
    const char *prefix;
    uint8_t provider;
} llmfi_prefix_row;

static const llmfi_prefix_row llmfi_prefix_rows[] = {
#define LLMF_PREFIX(PROVIDER, prefix) LLMFI_KEEP(LLMF_HAS_##PROVIDER, {prefix, LLMFI_P_##PROVIDER}, )
#include "../../models.def"
    {NULL, 0}
};

LLMFI_UNUSED static size_t llmfi_model_row_count(void) {
    return LLMFI_COUNT(llmfi_model_rows) - 1;
}

/* ---- look-ups ---- */

/* Walks the words of a text that blanks separate; false after the last. */
static bool llmfi_next_word(llmf_str *text, llmf_str *word) {
    size_t n = 0;
    *text = llmfi_trim(*text);
    while (n < text->len && !llmfi_is_space(text->ptr[n])) n++;
    *word = llmfi_str(text->ptr, n);
    *text = llmfi_from(*text, n);
    return n > 0;
}

/* The index of the provider of this name or alias, letters without case; -1. */
LLMFI_UNUSED static int llmfi_find_provider_row(llmf_str name) {
    int i;
    llmf_str word, aliases;
    for (i = 0; i < LLMFI_P_COUNT; i++) {
        if (llmfi_eq_nocase(name, llmfi_cstr(llmfi_provider_rows[i].name))) return i;
        for (aliases = llmfi_cstr(llmfi_provider_rows[i].aliases); llmfi_next_word(&aliases, &word);)
            if (llmfi_eq_nocase(name, word)) return i;
    }
    return -1;
}

#if !LLMF_HAS_INFO
/* The word begins the next that is left out: made the bare name. */
static bool llmfi_left_out_begins(llmf_str *word) {
    if (word->ptr[word->len - 1] != ':') return false;
    word->len--;
    return true;
}
#endif

/* The name of the provider of this name or alias that this version knows but has left out; empty: there is none. With INFO, whose table has a row for
   each, also of those that are not left out. */
LLMFI_UNUSED static llmf_str llmfi_left_out_name(llmf_str name) {
#if LLMF_HAS_INFO
    int at = llmfi_find_provider_row(name);
    return llmfi_cstr(at >= 0 ? llmfi_provider_rows[at].name : NULL);
#else
    llmf_str words = llmfi_str(llmfi_left_out, sizeof llmfi_left_out - 1), word, first = llmfi_str("", 0);
    while (llmfi_next_word(&words, &word)) {
        if (llmfi_left_out_begins(&word)) first = word;
        if (llmfi_eq_nocase(word, name)) return first;
    }
    return llmfi_str("", 0);
#endif
}

/* The row of a dialect, letters without case; -1. */
LLMFI_UNUSED static int llmfi_find_dialect_row(llmf_str name) {
    return llmfi_word_in_nocase(llmfi_dialect_names, name);
}

/* Whether an id alone, without the provider's name, may mean this row. */
LLMFI_UNUSED static bool llmfi_row_stands_alone(const llmfi_model_row *row) {
    return llmfi_model_lengths[row - llmfi_model_rows] != 0;
}

/* The first row of this id; NULL. provider below 0: of any, but those that must be named. */
LLMFI_UNUSED static const llmfi_model_row *llmfi_find_model_row(int provider, llmf_str id) {
    const uint8_t *index = provider < 0 ? llmfi_model_lengths : llmfi_model_keys, *at = index;
    const uint8_t *end = index + LLMFI_COUNT(llmfi_model_keys) - 1;
    int wanted = provider < 0 ? (int)(uint8_t)id.len : LLMFI_MODEL_KEY(provider, id.len);
    if (!id.len || id.len > 255) return NULL;
    for (; (at = (const uint8_t *)llmfi_memchr(at, wanted, (size_t)(end - at))) != NULL; at++) {
        const llmfi_model_row *row = &llmfi_model_rows[at - index];
        if (row->id[0] != id.ptr[0] || (provider >= 0 && row->provider != provider)) continue;
        if (llmfi_strncmp(row->id, id.ptr, id.len) == 0 && row->id[id.len] == '\0') return row;
    }
    return NULL;
}

/* The first price tier of a model of the table; NULL. */
LLMFI_UNUSED static const llmfi_tier_row *llmfi_find_tier_row(const llmfi_model_row *model) {
    const llmfi_tier_row *row;
    for (row = llmfi_tier_rows; row->id; row++)
        if (row->provider == model->provider && llmfi_strcmp(row->id, model->id) == 0) return row;
    return NULL;
}

/* That of the next longer prompts of the same model; NULL. */
LLMFI_UNUSED static const llmfi_tier_row *llmfi_next_tier_row(const llmfi_tier_row *row) {
    const llmfi_tier_row *next = row + 1;
    return next->id && next->provider == row->provider && llmfi_strcmp(next->id, row->id) == 0 ? next : NULL;
}

/* An id without what may stand in front of it: a region, the rest of an ARN. */
static llmf_str llmfi_bare_id(int provider, llmf_str id) {
    const llmfi_prefix_row *row;
    size_t i = id.len;
    if (llmfi_starts(id, LLMFI_LIT("arn:"))) {
        while (i && id.ptr[i - 1] != '/') i--;
        id = llmfi_from(id, i);
    }
    for (row = llmfi_prefix_rows; row->prefix; row++)
        if (row->provider == provider && llmfi_starts(id, llmfi_cstr(row->prefix))) return llmfi_from(id, llmfi_strlen(row->prefix));
    return id;
}

/* Quirks of an id that has no row. What names no model at all, the ARN of a profile, has those of its first letters. */
LLMFI_UNUSED static uint32_t llmfi_family_quirks(int provider, llmf_str id) {
    const llmfi_family_row *row, *best = NULL;
    llmf_str bare = llmfi_bare_id(provider, id), prefix;
    for (row = llmfi_family_rows; row->prefix; row++) {
        prefix = llmfi_cstr(row->prefix);
        if (row->provider == provider && (llmfi_starts(bare, prefix) || llmfi_starts(id, prefix)) && (!best || prefix.len > llmfi_strlen(best->prefix))) best = row;
    }
    return best ? best->quirks : 0;
}

LLMFI_UNUSED static uint32_t llmfi_row_capabilities(const llmfi_model_row *row) {
    static const struct {
        char letter;
        uint8_t can;
    } letters[] = {{'T', LLMF_CAN_TOOLS},  {'I', LLMF_CAN_IMAGES}, {'A', LLMF_CAN_AUDIO}, {'F', LLMF_CAN_FILES},
                   {'R', LLMF_CAN_REASON}, {'S', LLMF_CAN_SCHEMA}, {'E', LLMF_CAN_EMBED}, {'X', LLMF_CAN_TRANSCRIBE}};
    uint32_t can = 0;
    size_t i, j;
    for (i = 0; i < sizeof row->capabilities && row->capabilities[i]; i++)
        for (j = 0; j < LLMFI_COUNT(letters); j++)
            if (letters[j].letter == row->capabilities[i]) can |= letters[j].can;
    return can;
}

/* yyyymmdd of a row's day; 0: none. */
LLMFI_UNUSED static int32_t llmfi_row_checked(const llmfi_model_row *row) {
    return row->checked ? (2000 + row->checked / 512) * 10000 + row->checked / 32 % 16 * 100 + row->checked % 32 : 0;
}

/* The bit of a quirk's config name; 0: there is none. */
LLMFI_UNUSED static uint32_t llmfi_quirk_bit(llmf_str name) {
    int at = llmfi_word_in(llmfi_quirk_names, name);
    return at < 0 ? 0 : (uint32_t)1 << at;
}

/* The scheme of a config name; -1. */
LLMFI_UNUSED static int llmfi_find_auth(llmf_str name) {
    return llmfi_word_in_nocase(llmfi_auth_names, name);
}

#endif
