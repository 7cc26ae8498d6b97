/* Rows: what the schema says of them, one form for each, and whether one is there already, exactly or nearly (MinHash, Broder 1997). */
#ifndef ROWS_H
#define ROWS_H
#include "../kit/kit.h"

enum { MAX_FIELDS = 64, MAX_VALUES = 64, MAX_ROWS = 100000, MINS = 64, BANDS = 16, IN_BAND = MINS / BANDS };

typedef struct field { llmf_str key, values; } field; /* key: as it stands between its quotes; values: of an enum */
typedef struct schema { text source; field fields[MAX_FIELDS]; size_t count; } schema;

/* ---- the schema ---- */

static inline void read_schema(schema *s, const char *path) {
    llmf_str whole, properties, key, value, type;
    size_t at = 0, len, bad, i;
    s->source.ptr = read_file(path, 1 << 20, &len);
    if (!s->source.ptr) exit(EXIT_USAGE);
    s->source.len = len;
    whole.ptr = s->source.ptr;
    whole.len = len;
    if (!llmf_json_valid(whole, &bad)) {
        unsigned long line = 1, column = 1;
        for (i = 0; i < bad && i < len; i++) {
            line += whole.ptr[i] == '\n';
            column = whole.ptr[i] == '\n' ? 1 : column + 1;
        }
        die(EXIT_USAGE, "%s:%lu:%lu: is no JSON from here on", path, line, column);
    }
    if (!llmf_json_get(whole, "type", &type) || !is(type, "\"object\"") || !llmf_json_get(whole, "properties", &properties) || properties.ptr[0] != '{')
        die(EXIT_USAGE, "%s: a row must be an object: {\"type\": \"object\", \"properties\": {…}}", path);
    while (llmf_json_each(properties, &at, &key, &value)) {
        field *f = &s->fields[s->count];
        if (s->count++ == MAX_FIELDS) die(EXIT_USAGE, "%s: more than %d properties", path, MAX_FIELDS);
        f->key = key;
        if (!llmf_json_get(value, "enum", &f->values)) f->values = str_of("");
    }
    if (!s->count) die(EXIT_USAGE, "%s: a row has no properties", path);
}

static inline const char *kind_of(llmf_str value) {
    switch (value.len ? value.ptr[0] : 0) {
    case '"': return "\"string\"";
    case '{': return "\"object\"";
    case '[': return "\"array\"";
    case 't':
    case 'f': return "\"boolean\"";
    case 'n': return "\"null\"";
    default: return "\"number\"";
    }
}

/* A value's text: of a string what it says, else the JSON of it. */
static inline void put_value(text *out, llmf_str value) {
    size_t len = llmf_json_string(value, NULL, 0);
    if (len == LLMF_NOT_A_STRING) {
        put(out, value.ptr, value.len);
        return;
    }
    llmf_json_string(value, room(out, len), len + 1);
    out->len += len;
}

static inline bool same_value(llmf_str a, llmf_str b) {
    text x = {0}, y = {0};
    bool same;
    if (strcmp(kind_of(a), kind_of(b)) != 0) return false;
    put_value(&x, a);
    put_value(&y, b);
    same = x.len == y.len && (!x.len || !memcmp(x.ptr, y.ptr, x.len));
    free(x.ptr);
    free(y.ptr);
    return same;
}

/* Whether a row is one of the schema, and has no member that would have no column; else *err says why. */
static inline bool row_ok(llmf_factory *f, const schema *s, llmf_str row, llmf_error *err) {
    llmf_str key, value;
    size_t at = 0, i;
    if (llmf_json_check(f, s->source.ptr, row, err) != LLMF_OK) return false;
    while (llmf_json_each(row, &at, &key, &value)) {
        for (i = 0; i < s->count && !(s->fields[i].key.len == key.len && !memcmp(s->fields[i].key.ptr, key.ptr, key.len)); i++) continue;
        if (i == s->count) return snprintf(err->text, sizeof err->text, "a member that is none of the schema's properties"), false;
    }
    return true;
}

/* The one form of a row: members in the schema's order, strings escaped in one way. */
static inline void put_row(text *out, const schema *s, llmf_str row) {
    llmf_str key, value;
    size_t i, n = 0;
    put(out, "{", 1);
    for (i = 0; i < s->count; i++) {
        size_t at = 0;
        while (llmf_json_each(row, &at, &key, &value)) {
            text t = {0};
            if (key.len != s->fields[i].key.len || memcmp(key.ptr, s->fields[i].key.ptr, key.len) != 0) continue;
            putf(out, "%s\"", n++ ? "," : "");
            put(out, key.ptr, key.len);
            puts_to(out, "\":");
            put_value(&t, value);
            if (value.ptr[0] == '"') put_json(out, t.ptr, t.len);
            else put(out, t.ptr, t.len);
            free(t.ptr);
            break;
        }
    }
    put(out, "}", 1);
}

/* ---- what is there already ---- */

typedef struct row { char *json; hash hash; uint32_t mins[MINS]; size_t next[BANDS]; } row; /* next: the row of the same bucket + 1 */
typedef struct table { row *rows; size_t count, cap, *buckets; uint32_t bucket_count; } table;

static inline uint64_t mixed(uint64_t x) { /* splitmix64 */
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

static inline uint64_t word_hash(const char *s, size_t len) {
    uint64_t h = 0xcbf29ce484222325u;
    size_t i;
    for (i = 0; i < len; i++) h = (h ^ (uint64_t)(s[i] >= 'A' && s[i] <= 'Z' ? s[i] + 32 : s[i])) * 0x100000001b3u;
    return h;
}

/* The smallest of 64 hashes over all runs of three words; what is no letter, digit or byte beyond ASCII separates words. */
static inline void take_mins(row *r) {
    uint64_t last[3] = {0};
    size_t words = 0, i = 0, from, len = strlen(r->json);
    int k;
    memset(r->mins, 0xff, sizeof r->mins);
    while (i < len) {
        const unsigned char *s = (const unsigned char *)r->json;
        from = i;
        while (i < len && (s[i] >= 0x80 || (s[i] >= '0' && s[i] <= '9') || ((s[i] | 32) >= 'a' && (s[i] | 32) <= 'z'))) i++;
        if (i == from) {
            i++;
            continue;
        }
        last[0] = last[1];
        last[1] = last[2];
        last[2] = word_hash(r->json + from, i - from);
        if (++words < 3) continue;
        for (k = 0; k < MINS; k++) {
            uint32_t h = (uint32_t)(mixed(last[0] * 3 + last[1] * 5 + last[2] * 7 + (uint64_t)k * 0x2545f4914f6cdd1du) >> 32);
            if (h < r->mins[k]) r->mins[k] = h;
        }
    }
}

static inline uint32_t bucket_of(const table *t, const row *r, int band) {
    uint64_t h = (uint64_t)band;
    int k;
    for (k = 0; k < IN_BAND; k++) h = mixed(h ^ r->mins[band * IN_BAND + k]);
    return (uint32_t)(h % t->bucket_count);
}

enum { ROW_NEW, ROW_SAME, ROW_NEAR };

/* near: from which share of equal hashes on two rows are the same; above 1: never. */
static inline int find_row(const table *t, const row *r, double near_share) {
    int band, k;
    size_t i;
    for (band = 0; band < BANDS && t->count; band++)
        for (i = t->buckets[(size_t)band * t->bucket_count + bucket_of(t, r, band)]; i; i = t->rows[i - 1].next[band]) {
            const row *o = &t->rows[i - 1];
            int equal = 0;
            if (!memcmp(o->hash.hex, r->hash.hex, 64)) return ROW_SAME;
            for (k = 0; k < MINS; k++) equal += o->mins[k] == r->mins[k];
            if (equal >= near_share * MINS) return ROW_NEAR;
        }
    return ROW_NEW;
}

static inline void add_row(table *t, const row *r) {
    int band;
    row *mine;
    if (!t->buckets) {
        t->bucket_count = 65521;
        t->buckets = (size_t *)grow(NULL, (size_t)BANDS * t->bucket_count, sizeof *t->buckets);
        memset(t->buckets, 0, (size_t)BANDS * t->bucket_count * sizeof *t->buckets);
    }
    if (t->count == t->cap) {
        t->cap = t->cap ? t->cap * 2 : 64;
        t->rows = (row *)grow(t->rows, t->cap, sizeof *t->rows);
    }
    mine = &t->rows[t->count++];
    *mine = *r;
    for (band = 0; band < BANDS; band++) {
        size_t *head = &t->buckets[(size_t)band * t->bucket_count + bucket_of(t, mine, band)];
        mine->next[band] = *head;
        *head = t->count;
    }
}

static inline void free_table(table *t) {
    size_t i;
    for (i = 0; i < t->count; i++) free(t->rows[i].json);
    free(t->rows);
    free(t->buckets);
}
#endif
