/* JSON against JSON Schema (draft 2020-12; of draft 7 what means the same). A schema is made ready once, and whatever of it is not understood is refused then, with its name
   and place: nothing is passed over in silence but annotations. A check ends: its depth and its work are bounded, whatever the schema and the value. Numbers are compared as
   they are written, digit by digit; 1.0 is an integer. */
#ifndef LLMFI_BASE_JSON_SCHEMA_H
#define LLMFI_BASE_JSON_SCHEMA_H
#include "json_tree.h"
#include "regex.h"
#include "text.h"

#if LLMF_HAS_STRUCTURED

/* Schemas within schemas that a check may be in at once, $ref counted: one that only refers to itself ends there. */
#ifndef LLMF_MAX_SCHEMA_DEPTH
#define LLMF_MAX_SCHEMA_DEPTH 512
#endif
/* Steps of one check: about a second on a PC. */
#ifndef LLMF_MAX_CHECK_WORK
#define LLMF_MAX_CHECK_WORK 20000000
#endif

/* ---- numbers as they are written ---- */

/* 0.d1d2d3… * 10^exp, without zeros before and behind; n 0: zero. */
typedef struct llmfi_exact {
    const char *first;                       /* the first digit; a point may follow among them */
    size_t n;
    int64_t exp;
    bool negative;
} llmfi_exact;

static llmfi_exact llmfi_exact_of(llmf_str s) {
    llmfi_exact x;
    const char *p = s.ptr, *end = s.ptr + s.len;
    size_t digits = 0;
    bool point = false;
    int64_t exp = 0;
    memset(&x, 0, sizeof x);
    x.negative = s.len && *p == '-';
    for (p += x.negative; p < end && (*p | 32) != 'e'; p++) {
        if (*p == '.') {
            point = true;
        } else if (!digits && *p == '0') {
            x.exp -= point;
        } else {
            if (!digits++) x.first = p;
            x.exp += !point;
            if (*p != '0') x.n = digits;
        }
    }
    if (p < end) (void)llmfi_decimal_exponent(p + 1, end, &exp);
    x.exp += exp;
    if (!x.n) x.exp = 0, x.negative = false;
    return x;
}

static bool llmfi_exact_whole(const llmfi_exact *x) {
    return (int64_t)x->n <= x->exp || !x->n;
}

static int llmfi_exact_digit(const char **at) {
    if (**at == '.') ++*at;
    return *(*at)++ - '0';
}

/* Below 0, 0, above 0. */
static int llmfi_exact_compare(const llmfi_exact *a, const llmfi_exact *b) {
    const char *p = a->first, *q = b->first;
    size_t i;
    int sign = a->negative ? -1 : 1;
    if (a->negative != b->negative) return a->negative ? -1 : 1;
    if (!a->n || !b->n) return sign * ((a->n != 0) - (b->n != 0));
    if (a->exp != b->exp) return a->exp < b->exp ? -sign : sign;
    for (i = 0; i < a->n || i < b->n; i++) {
        int d = i < a->n ? llmfi_exact_digit(&p) : 0, e = i < b->n ? llmfi_exact_digit(&q) : 0;
        if (d != e) return d < e ? -sign : sign;
    }
    return 0;
}

static uint64_t llmfi_mul_mod(uint64_t a, uint64_t b, uint64_t m) {
    uint64_t sum = 0;
    for (; b; b >>= 1) {
        if (b & 1) sum = (sum + a) % m;
        a = a * 2 % m;
    }
    return sum;
}

/* b has at most 18 digits. */
static bool llmfi_exact_multiple(const llmfi_exact *a, const llmfi_exact *b) {
    int64_t k = (a->exp - (int64_t)a->n) - (b->exp - (int64_t)b->n);
    const char *p = b->first;
    uint64_t m = 0, rest = 0, ten;
    size_t i;
    if (!a->n) return true;
    if (k < 0) return false; /* neither has a factor of ten left */
    for (i = 0; i < b->n; i++) m = m * 10 + (uint64_t)llmfi_exact_digit(&p);
    p = a->first;
    for (i = 0; i < a->n; i++) rest = (rest * 10 + (uint64_t)llmfi_exact_digit(&p)) % m;
    for (ten = 10 % m; k; k >>= 1) {
        if (k & 1) rest = llmfi_mul_mod(rest, ten, m);
        ten = llmfi_mul_mod(ten, ten, m);
    }
    return rest == 0;
}

/* ---- values ---- */

static uint64_t llmfi_hash_bytes(uint64_t h, const char *p, size_t n) {
    for (; n; n--, p++) h = (h ^ (unsigned char)*p) * UINT64_C(1099511628211); /* FNV-1a */
    return h;
}

/* The same for equal values. */
static uint64_t llmfi_node_hash(const llmfi_node *v) {
    uint64_t h = UINT64_C(14695981039346656037) + (uint64_t)v->type, sum = 0;
    const llmfi_node *n;
    if (v->type == LLMFI_STRING) return llmfi_hash_bytes(h, v->text.ptr, v->text.len);
    if (v->type == LLMFI_NUMBER) {
        llmfi_exact x = llmfi_exact_of(v->text);
        size_t i;
        h = (h + (uint64_t)x.exp) * 31 + x.negative;
        for (i = 0; i < x.n; i++) h = (h ^ (uint64_t)llmfi_exact_digit(&x.first)) * UINT64_C(1099511628211);
        return h;
    }
    for (n = v->child; n; n = n->next) {
        if (v->type == LLMFI_OBJECT) sum += llmfi_hash_bytes(llmfi_node_hash(n), n->key.ptr, n->key.len);
        else h = h * 31 + llmfi_node_hash(n);
    }
    return h + sum;
}

static bool llmfi_node_equal(const llmfi_node *a, const llmfi_node *b, uint64_t *work) {
    const llmfi_node *x, *y;
    ++*work;
    if (a->type != b->type || a->count != b->count) return false;
    if (a->type == LLMFI_STRING) return llmfi_eq(a->text, b->text);
    if (a->type == LLMFI_NUMBER) {
        llmfi_exact p = llmfi_exact_of(a->text), q = llmfi_exact_of(b->text);
        return llmfi_exact_compare(&p, &q) == 0;
    }
    for (x = a->child, y = b->child; x && *work < LLMF_MAX_CHECK_WORK; x = x->next, y = y->next) {
        const llmfi_node *other = a->type == LLMFI_OBJECT ? llmfi_member(b, x->key) : y;
        *work += a->type == LLMFI_OBJECT ? b->count : 1;
        if (!other || !llmfi_node_equal(x, other, work)) return false;
    }
    return true;
}

/* ---- keywords ---- */

enum {
    LLMFI_K_TYPE, LLMFI_K_ENUM, LLMFI_K_CONST, LLMFI_K_PROPERTIES, LLMFI_K_PATTERN_PROPERTIES, LLMFI_K_ADDITIONAL, LLMFI_K_NAMES, LLMFI_K_REQUIRED, LLMFI_K_MIN_PROPERTIES,
    LLMFI_K_MAX_PROPERTIES, LLMFI_K_DEPENDENT_REQUIRED, LLMFI_K_DEPENDENT_SCHEMAS, LLMFI_K_PREFIX, LLMFI_K_ITEMS, LLMFI_K_CONTAINS, LLMFI_K_MIN_CONTAINS, LLMFI_K_MAX_CONTAINS,
    LLMFI_K_MIN_ITEMS, LLMFI_K_MAX_ITEMS, LLMFI_K_UNIQUE, LLMFI_K_MIN_LENGTH, LLMFI_K_MAX_LENGTH, LLMFI_K_PATTERN, LLMFI_K_MINIMUM, LLMFI_K_MAXIMUM, LLMFI_K_ABOVE,
    LLMFI_K_BELOW, LLMFI_K_MULTIPLE, LLMFI_K_ALL, LLMFI_K_ANY, LLMFI_K_ONE, LLMFI_K_NOT, LLMFI_K_IF, LLMFI_K_THEN, LLMFI_K_ELSE, LLMFI_K_REF, LLMFI_K_DEFS
};

/* What a keyword's own value must be. */
enum { LLMFI_V_TYPE, LLMFI_V_LIST, LLMFI_V_ANY, LLMFI_V_MAP, LLMFI_V_PATTERNS, LLMFI_V_SCHEMA, LLMFI_V_NAMES, LLMFI_V_COUNT, LLMFI_V_NAME_MAP, LLMFI_V_SCHEMAS, LLMFI_V_BOOL,
       LLMFI_V_PATTERN, LLMFI_V_NUMBER, LLMFI_V_DIVISOR, LLMFI_V_REF };

typedef struct llmfi_keyword {
    const char *name;
    uint8_t id, takes;
} llmfi_keyword;

static const llmfi_keyword llmfi_schema_keywords[] = {
    {"type", LLMFI_K_TYPE, LLMFI_V_TYPE}, {"enum", LLMFI_K_ENUM, LLMFI_V_LIST}, {"const", LLMFI_K_CONST, LLMFI_V_ANY}, {"properties", LLMFI_K_PROPERTIES, LLMFI_V_MAP},
    {"patternProperties", LLMFI_K_PATTERN_PROPERTIES, LLMFI_V_PATTERNS}, {"additionalProperties", LLMFI_K_ADDITIONAL, LLMFI_V_SCHEMA},
    {"propertyNames", LLMFI_K_NAMES, LLMFI_V_SCHEMA}, {"required", LLMFI_K_REQUIRED, LLMFI_V_NAMES}, {"minProperties", LLMFI_K_MIN_PROPERTIES, LLMFI_V_COUNT},
    {"maxProperties", LLMFI_K_MAX_PROPERTIES, LLMFI_V_COUNT}, {"dependentRequired", LLMFI_K_DEPENDENT_REQUIRED, LLMFI_V_NAME_MAP},
    {"dependentSchemas", LLMFI_K_DEPENDENT_SCHEMAS, LLMFI_V_MAP}, {"prefixItems", LLMFI_K_PREFIX, LLMFI_V_SCHEMAS}, {"items", LLMFI_K_ITEMS, LLMFI_V_SCHEMA},
    {"contains", LLMFI_K_CONTAINS, LLMFI_V_SCHEMA}, {"minContains", LLMFI_K_MIN_CONTAINS, LLMFI_V_COUNT}, {"maxContains", LLMFI_K_MAX_CONTAINS, LLMFI_V_COUNT},
    {"minItems", LLMFI_K_MIN_ITEMS, LLMFI_V_COUNT}, {"maxItems", LLMFI_K_MAX_ITEMS, LLMFI_V_COUNT}, {"uniqueItems", LLMFI_K_UNIQUE, LLMFI_V_BOOL},
    {"minLength", LLMFI_K_MIN_LENGTH, LLMFI_V_COUNT}, {"maxLength", LLMFI_K_MAX_LENGTH, LLMFI_V_COUNT}, {"pattern", LLMFI_K_PATTERN, LLMFI_V_PATTERN},
    {"minimum", LLMFI_K_MINIMUM, LLMFI_V_NUMBER}, {"maximum", LLMFI_K_MAXIMUM, LLMFI_V_NUMBER}, {"exclusiveMinimum", LLMFI_K_ABOVE, LLMFI_V_NUMBER},
    {"exclusiveMaximum", LLMFI_K_BELOW, LLMFI_V_NUMBER}, {"multipleOf", LLMFI_K_MULTIPLE, LLMFI_V_DIVISOR}, {"allOf", LLMFI_K_ALL, LLMFI_V_SCHEMAS},
    {"anyOf", LLMFI_K_ANY, LLMFI_V_SCHEMAS}, {"oneOf", LLMFI_K_ONE, LLMFI_V_SCHEMAS}, {"not", LLMFI_K_NOT, LLMFI_V_SCHEMA}, {"if", LLMFI_K_IF, LLMFI_V_SCHEMA},
    {"then", LLMFI_K_THEN, LLMFI_V_SCHEMA}, {"else", LLMFI_K_ELSE, LLMFI_V_SCHEMA}, {"$ref", LLMFI_K_REF, LLMFI_V_REF}, {"$defs", LLMFI_K_DEFS, LLMFI_V_MAP},
    {"definitions", LLMFI_K_DEFS, LLMFI_V_MAP}};

/* Said for people and programs besides; nothing is checked by them. propertyOrdering is Gemini's. */
static const char llmfi_schema_notes[] = "title\0description\0default\0examples\0format\0$comment\0deprecated\0readOnly\0writeOnly\0contentEncoding\0contentMediaType\0contentSchema\0"
                                         "$anchor\0propertyOrdering\0";
static const char llmfi_schema_types[] = "null\0boolean\0number\0string\0array\0object\0integer\0";

/* A keyword of a schema, made ready. */
typedef struct llmfi_clause {
    const llmfi_keyword *keyword;
    const llmfi_node *value;
    struct llmfi_rule **rules;               /* of each schema in the value, in its order */
    llmfi_regex **regexes;                   /* of each pattern */
    int64_t n;                               /* COUNT; TYPE: a bit for each word */
} llmfi_clause;

typedef struct llmfi_rule {
    const llmfi_node *node;
    llmfi_clause *clauses;
    uint32_t count;
} llmfi_rule;

typedef struct llmfi_schema {
    llmfi_arena *arena;
    const llmfi_node *root;
    llmfi_rule **rules;                      /* all of them, the root's first */
    uint32_t count, cap, ready, linked;      /* rules; room; those whose clauses are made; whose $ref are followed */
    llmf_error *error;
} llmfi_schema;

enum { LLMFI_RULE_BIT = 0x40000000 };        /* in key_line, which nobody reads of a schema's tree: the rest of it is the rule's number */

/* ---- making a schema ready ---- */

static void llmfi_say_step_of_pointer(llmfi_text *t, llmf_str key) {
    size_t i;
    llmfi_say(t, LLMFI_LIT("/"));
    for (i = 0; i < key.len; i++) {
        if (key.ptr[i] == '~') llmfi_say(t, LLMFI_LIT("~0"));
        else if (key.ptr[i] == '/') llmfi_say(t, LLMFI_LIT("~1"));
        else llmfi_say(t, llmfi_str(key.ptr + i, 1));
    }
}

/* The way from `at` down to the node, as a JSON pointer. False: it is not there. */
static bool llmfi_say_way(llmfi_text *t, const llmfi_node *at, const llmfi_node *to) {
    const llmfi_node *n;
    int64_t i = 0;
    llmfi_text was = *t;
    if (at == to) return true;
    for (n = at->child; n; n = n->next, i++) {
        *t = was;
        if (at->type == LLMFI_OBJECT) {
            llmfi_say_step_of_pointer(t, llmfi_utf8_cut(n->key, 60));
        } else {
            llmfi_say(t, LLMFI_LIT("/"));
            llmfi_say_int(t, i);
        }
        if (llmfi_say_way(t, n, to)) return true;
    }
    *t = was;
    return false;
}

static LLMFI_COLD bool llmfi_schema_refuse(llmfi_schema *s, const llmfi_node *where, int code, llmf_str about, const char *what) {
    llmfi_text t = llmfi_error_begin(s->error, code);
    LLMFI_SAY(&t, "JSON Schema, ");
    if (where == s->root) LLMFI_SAY(&t, "(root)");
    else (void)llmfi_say_way(&t, s->root, where);
    LLMFI_SAY(&t, ": ");
    if (about.len) {
        llmfi_say(&t, llmfi_utf8_cut(about, 80));
        llmfi_say(&t, LLMFI_LIT(" "));
    }
    llmfi_say_c(&t, what);
    s->error->line = where->line;
    s->error->column = where->column;
    return false;
}

/* The rule of the schema at this node. NULL: no schema can stand there. */
static llmfi_rule *llmfi_schema_rule(llmfi_schema *s, const llmfi_node *n) {
    llmfi_rule *r;
    if (n->key_line & LLMFI_RULE_BIT) return s->rules[n->key_line & ~(uint32_t)LLMFI_RULE_BIT];
    if (n->type != LLMFI_OBJECT && n->type != LLMFI_TRUE && n->type != LLMFI_FALSE) {
        llmfi_schema_refuse(s, n, LLMF_ERR_ARGUMENT, llmfi_str("", 0), n->type == LLMFI_ARRAY ? LLMFI_WORDS("must be a schema: an object, true or false; the array of draft 7 is prefixItems now") : LLMFI_WORDS("must be a schema: an object, true or false"));
        return NULL;
    }
    if (s->count == s->cap) {
        uint32_t cap = s->cap ? s->cap * 2 : 32;
        llmfi_rule **to = (llmfi_rule **)llmfi_arena_array(s->arena, cap, sizeof *to);
        if (to && s->count) memcpy(to, s->rules, s->count * sizeof *to);
        if (to) s->rules = to;
        if (to) s->cap = cap;
    }
    r = s->count < s->cap ? (llmfi_rule *)llmfi_arena_alloc(s->arena, sizeof *r) : NULL;
    if (!r) {
        llmfi_error_memory(s->error);
        return NULL;
    }
    r->node = n;
    ((llmfi_node *)(uintptr_t)(const void *)n)->key_line = LLMFI_RULE_BIT | s->count; /* the tree is ours */
    return s->rules[s->count++] = r;
}

/* Each child of the value is a schema, or the value itself is. */
static bool llmfi_clause_schemas(llmfi_schema *s, llmfi_clause *c, bool children) {
    const llmfi_node *n = children ? c->value->child : c->value;
    size_t i = 0;
    c->rules = (llmfi_rule **)llmfi_arena_array(s->arena, children ? c->value->count : 1, sizeof *c->rules);
    if (!c->rules) return llmfi_error_memory(s->error);
    for (; n; n = children ? n->next : NULL)
        if ((c->rules[i++] = llmfi_schema_rule(s, n)) == NULL) return false;
    return true;
}

static bool llmfi_clause_regexes(llmfi_schema *s, llmfi_clause *c, bool children) {
    const llmfi_node *n = children ? c->value->child : c->value;
    const char *bad;
    size_t i = 0;
    c->regexes = (llmfi_regex **)llmfi_arena_array(s->arena, children ? c->value->count : 1, sizeof *c->regexes);
    if (!c->regexes) return llmfi_error_memory(s->error);
    for (; n; n = children ? n->next : NULL)
        if ((c->regexes[i++] = llmfi_regex_make(s->arena, children ? n->key : n->text, &bad)) == NULL)
            return bad ? llmfi_schema_refuse(s, n, LLMF_ERR_UNSUPPORTED, LLMFI_LIT("the pattern"), bad) : llmfi_error_memory(s->error);
    return true;
}

static bool llmfi_all_strings(const llmfi_node *list) {
    const llmfi_node *n;
    if (list->type != LLMFI_ARRAY) return false;
    for (n = list->child; n; n = n->next)
        if (n->type != LLMFI_STRING) return false;
    return true;
}

static bool llmfi_clause_type(llmfi_clause *c) {
    const llmfi_node *n = c->value->type == LLMFI_ARRAY ? c->value->child : c->value;
    for (; n; n = n == c->value ? NULL : n->next) {
        int at = n->type == LLMFI_STRING ? llmfi_word_in(llmfi_schema_types, n->text) : -1;
        if (at < 0) return false;
        c->n |= INT64_C(1) << at;
    }
    return c->n != 0;
}

static bool llmfi_clause_name_map(const llmfi_node *map) {
    const llmfi_node *n;
    for (n = map->child; n; n = n->next)
        if (!llmfi_all_strings(n)) return false;
    return true;
}

/* NULL: fine so far; "": the error is set. */
static const char *llmfi_clause_take(llmfi_schema *s, llmfi_clause *c) {
    const llmfi_node *v = c->value;
    llmfi_exact x;
    switch (c->keyword->takes) {
    case LLMFI_V_TYPE: return llmfi_clause_type(c) ? NULL : LLMFI_WORDS("must be null, boolean, number, integer, string, array or object, or a list of them");
    case LLMFI_V_LIST: return v->type == LLMFI_ARRAY ? NULL : LLMFI_WORDS("must be an array");
    case LLMFI_V_MAP: return v->type != LLMFI_OBJECT ? LLMFI_WORDS("must be an object") : llmfi_clause_schemas(s, c, true) ? NULL : "";
    case LLMFI_V_PATTERNS:
        return v->type != LLMFI_OBJECT ? LLMFI_WORDS("must be an object") : llmfi_clause_schemas(s, c, true) && llmfi_clause_regexes(s, c, true) ? NULL : "";
    case LLMFI_V_SCHEMA: return llmfi_clause_schemas(s, c, false) ? NULL : "";
    case LLMFI_V_NAMES: return llmfi_all_strings(v) ? NULL : LLMFI_WORDS("must be an array of strings");
    case LLMFI_V_NAME_MAP: return v->type == LLMFI_OBJECT && llmfi_clause_name_map(v) ? NULL : LLMFI_WORDS("must be an object of arrays of strings");
    case LLMFI_V_SCHEMAS: return v->type != LLMFI_ARRAY || !v->count ? LLMFI_WORDS("must be an array of schemas, with one at least") : llmfi_clause_schemas(s, c, true) ? NULL : "";
    case LLMFI_V_BOOL: return v->type == LLMFI_TRUE || v->type == LLMFI_FALSE ? NULL : LLMFI_WORDS("must be true or false");
    case LLMFI_V_PATTERN: return v->type != LLMFI_STRING ? LLMFI_WORDS("must be a string") : llmfi_clause_regexes(s, c, false) ? NULL : "";
    case LLMFI_V_REF: return v->type == LLMFI_STRING ? NULL : LLMFI_WORDS("must be a string");
    case LLMFI_V_ANY: return NULL;
    default: break;
    }
    if (v->type != LLMFI_NUMBER) return LLMFI_WORDS("must be a number");
    x = llmfi_exact_of(v->text);
    if (c->keyword->takes == LLMFI_V_DIVISOR) return !x.n || x.negative ? LLMFI_WORDS("must be above 0") : x.n > 18 ? LLMFI_WORDS("has more than 18 digits, which is not built in") : NULL;
    if (c->keyword->takes != LLMFI_V_COUNT) return NULL;
    if (x.negative || !llmfi_exact_whole(&x)) return LLMFI_WORDS("must be a whole number, and not negative");
    for (c->n = 0; x.exp > 0 && c->n < INT64_MAX / 100; x.exp--) c->n = c->n * 10 + (x.n ? x.n--, llmfi_exact_digit(&x.first) : 0);
    return NULL;
}

static const llmfi_keyword *llmfi_schema_keyword(llmf_str name) {
    size_t i;
    for (i = 0; i < LLMFI_COUNT(llmfi_schema_keywords); i++)
        if (llmfi_eq(name, llmfi_cstr(llmfi_schema_keywords[i].name))) return &llmfi_schema_keywords[i];
    return NULL;
}

/* What is neither checked nor an annotation. */
static bool llmfi_schema_other(llmfi_schema *s, const llmfi_rule *r, const llmfi_node *n) {
    static const char drafts[] = "https://json-schema.org/draft/2020-12/schema\0https://json-schema.org/draft/2020-12/schema#\0http://json-schema.org/draft-07/schema#\0"
                                 "http://json-schema.org/draft-07/schema\0https://json-schema.org/draft/2019-09/schema\0";
    if (llmfi_word_in(llmfi_schema_notes, n->key) >= 0 || llmfi_starts(n->key, LLMFI_LIT("x-"))) return true;
    if (LLMFI_IS(n->key, "$schema"))
        return (n->type == LLMFI_STRING && llmfi_word_in(drafts, n->text) >= 0) || llmfi_schema_refuse(s, n, LLMF_ERR_UNSUPPORTED, n->key, LLMFI_WORDS("names another language than draft 2020-12"));
    if (LLMFI_IS(n->key, "$id") && r->node == s->root) return true; /* what $ref may point to is in here either way */
    return llmfi_schema_refuse(s, r->node, LLMF_ERR_UNSUPPORTED, n->key, LLMFI_IS(n->key, "$id") ? LLMFI_WORDS("inside of a schema is not built in: use $anchor or $defs") : LLMFI_WORDS("is not built in: drop it, or begin its name with x- if nothing is to be checked by it"));
}

static bool llmfi_rule_make(llmfi_schema *s, llmfi_rule *r) {
    const llmfi_node *n;
    if (r->node->type != LLMFI_OBJECT) return true;
    r->clauses = (llmfi_clause *)llmfi_arena_array(s->arena, r->node->count, sizeof *r->clauses);
    if (!r->clauses) return llmfi_error_memory(s->error);
    for (n = r->node->child; n; n = n->next) {
        llmfi_clause *c = &r->clauses[r->count];
        const char *bad;
        c->keyword = llmfi_schema_keyword(n->key);
        c->value = n;
        if (!c->keyword) {
            if (!llmfi_schema_other(s, r, n)) return false;
            continue;
        }
        r->count++;
        bad = llmfi_clause_take(s, c);
        if (bad) return s->error->code == LLMF_OK ? llmfi_schema_refuse(s, n, LLMF_ERR_ARGUMENT, llmfi_str("", 0), bad) : false;
    }
    return true;
}

/* One step of a pointer, decoded in place of `name` (100 bytes): %25, ~0 and ~1. */
static llmf_str llmfi_pointer_step(llmf_str *rest, char *name) {
    size_t n = 0;
    while (rest->len && rest->ptr[0] != '/' && n < 99) {
        char c = rest->ptr[0];
        size_t used = 1;
        if (c == '%' && rest->len > 2 && llmfi_hex(rest->ptr[1]) < 16 && llmfi_hex(rest->ptr[2]) < 16) c = (char)(llmfi_hex(rest->ptr[1]) << 4 | llmfi_hex(rest->ptr[2])), used = 3;
        *rest = llmfi_from(*rest, used);
        if (c == '~' && rest->len && (rest->ptr[0] == '0' || rest->ptr[0] == '1')) {
            c = rest->ptr[0] == '0' ? '~' : '/';
            *rest = llmfi_from(*rest, 1);
        }
        name[n++] = c;
    }
    return llmfi_str(name, n);
}

static const llmfi_node *llmfi_pointer_to(const llmfi_node *at, llmf_str rest) {
    char name[100];
    while (at && rest.len && rest.ptr[0] == '/') {
        llmf_str step;
        int64_t i;
        rest = llmfi_from(rest, 1);
        step = llmfi_pointer_step(&rest, name);
        if (at->type == LLMFI_ARRAY) {
            if (!llmfi_parse_int(step, &i) || i < 0) return NULL;
            for (at = at->child; at && i; i--) at = at->next;
        } else {
            at = llmfi_member(at, step);
        }
    }
    return rest.len ? NULL : at;
}

static const llmfi_node *llmfi_schema_target(const llmfi_schema *s, llmf_str ref) {
    uint32_t i;
    if (!ref.len || ref.ptr[0] != '#') return NULL;
    ref = llmfi_from(ref, 1);
    if (!ref.len || ref.ptr[0] == '/') return llmfi_pointer_to(s->root, ref);
    for (i = 0; i < s->count; i++) {
        const llmfi_node *name = llmfi_member(s->rules[i]->node, LLMFI_LIT("$anchor"));
        if (name && name->type == LLMFI_STRING && llmfi_eq(name->text, ref)) return s->rules[i]->node;
    }
    return NULL;
}

static bool llmfi_rule_link(llmfi_schema *s, llmfi_rule *r) {
    uint32_t i;
    for (i = 0; i < r->count; i++) {
        llmfi_clause *c = &r->clauses[i];
        const llmfi_node *to;
        if (c->keyword->id != LLMFI_K_REF) continue;
        to = llmfi_schema_target(s, c->value->text);
        if (!to)
            return llmfi_schema_refuse(s, c->value, LLMF_ERR_UNSUPPORTED, c->value->text, c->value->text.len && c->value->text.ptr[0] == '#' ? LLMFI_WORDS("is not in this schema") : LLMFI_WORDS("is another document, and nothing is fetched: put it under $defs"));
        c->rules = (llmfi_rule **)llmfi_arena_array(s->arena, 1, sizeof *c->rules);
        if (!c->rules) return llmfi_error_memory(s->error);
        if ((c->rules[0] = llmfi_schema_rule(s, to)) == NULL) return false;
    }
    return true;
}

/* Parses it into the arena, which must last as long as *s. False with *err. */
LLMFI_UNUSED static bool llmfi_schema_make(llmfi_schema *s, llmfi_arena *arena, llmf_str text, llmf_error *err) {
    llmfi_parse_error bad;
    memset(s, 0, sizeof *s);
    s->arena = arena;
    s->error = err;
    llmfi_error_clear(err);
    s->root = llmfi_json_parse(arena, text, &bad, true);
    if (!s->root) {
        llmfi_text t;
        if (bad.memory) return llmfi_error_memory(err);
        t = llmfi_error_begin(err, LLMF_ERR_ARGUMENT);
        LLMFI_SAY(&t, "JSON Schema: not valid JSON at line ");
        llmfi_say_int(&t, bad.line);
        LLMFI_SAY(&t, ", column ");
        llmfi_say_int(&t, bad.column);
        LLMFI_SAY(&t, ": ");
        llmfi_say_c(&t, bad.what);
        err->line = bad.line;
        err->column = bad.column;
        return false;
    }
    if (!llmfi_schema_rule(s, s->root)) return false;
    while (s->ready < s->count || s->linked < s->count) {
        if (s->ready < s->count ? !llmfi_rule_make(s, s->rules[s->ready++]) : !llmfi_rule_link(s, s->rules[s->linked++])) return false;
    }
    s->error = NULL;
    return true;
}

/* ---- checking ---- */

/* Where in the value: the way up to the root. */
typedef struct llmfi_judged {
    const struct llmfi_judged *up;
    const llmfi_node *node;
    size_t index;
} llmfi_judged;

typedef struct llmfi_judging {
    llmfi_arena *arena;                      /* for what uniqueItems needs */
    llmfi_text *text;                        /* what is wrong, a line each; NULL: only whether */
    size_t problems, most;                   /* told; at most */
    uint64_t work;
    uint32_t depth, quiet;                   /* quiet: something is only tried */
    int code;                                /* LLMF_OK, or why the check itself could not go on */
} llmfi_judging;

static bool llmfi_rule_check(llmfi_judging *k, const llmfi_rule *r, const llmfi_judged *at);

static void llmfi_say_spot(llmfi_text *t, const llmfi_judged *at) {
    if (!at->up) return;
    llmfi_say_spot(t, at->up);
    if (at->up->node->type == LLMFI_OBJECT) {
        llmfi_say_step_of_pointer(t, llmfi_utf8_cut(at->node->key, 60));
    } else {
        llmfi_say(t, LLMFI_LIT("/"));
        llmfi_say_int(t, (int64_t)at->index);
    }
}

/* The beginning of a problem's line; NULL: nobody listens. */
static llmfi_text *llmfi_problem(llmfi_judging *k, const llmfi_judged *at) {
    if (k->quiet || !k->text || k->problems >= k->most || k->code != LLMF_OK) return NULL;
    if (k->problems++) llmfi_say(k->text, LLMFI_LIT("\n"));
    if (at->up) llmfi_say_spot(k->text, at);
    else LLMFI_SAY(k->text, "(root)");
    LLMFI_SAY(k->text, ": ");
    return k->text;
}

static bool llmfi_wrong(llmfi_judging *k, const llmfi_judged *at, const char *what, llmf_str about) {
    llmfi_text *t = llmfi_problem(k, at);
    if (!t) return false;
    llmfi_say_c(t, what);
    if (about.len > 60) {
        llmfi_say(t, llmfi_utf8_cut(about, 60));
        llmfi_say(t, LLMFI_LIT("..."));
    } else {
        llmfi_say(t, about);
    }
    return false;
}

static bool llmfi_wrong_count(llmfi_judging *k, const llmfi_judged *at, const char *what, int64_t n, const char *of, int64_t has) {
    llmfi_text *t = llmfi_problem(k, at);
    if (!t) return false;
    llmfi_say_c(t, what);
    llmfi_say_int(t, n);
    llmfi_say_c(t, of);
    llmfi_say_int(t, has);
    return false;
}

/* Does it fit, without a word about why not? */
static bool llmfi_rule_fits(llmfi_judging *k, const llmfi_rule *r, const llmfi_judged *at) {
    bool ok;
    k->quiet++;
    ok = llmfi_rule_check(k, r, at);
    k->quiet--;
    return ok;
}

static llmfi_judged llmfi_judged_in(const llmfi_judged *up, const llmfi_node *node, size_t index) {
    llmfi_judged s;
    s.up = up;
    s.node = node;
    s.index = index;
    return s;
}

static const llmfi_clause *llmfi_clause_of(const llmfi_rule *r, int id) {
    uint32_t i;
    for (i = 0; i < r->count; i++)
        if (r->clauses[i].keyword->id == id) return &r->clauses[i];
    return NULL;
}

/* May what is under way go on, now that something of it was found wrong? Only to find more that is. */
static bool llmfi_more(const llmfi_judging *k) {
    return !k->quiet && k->text && k->problems < k->most && k->code == LLMF_OK;
}

static void llmfi_say_types(llmfi_text *t, int64_t bits) {
    int i;
    bool said = false;
    for (i = 0; i < 7; i++) {
        if (!(bits >> i & 1)) continue;
        if (said) LLMFI_SAY(t, " or ");
        llmfi_say_c(t, llmfi_word_at(llmfi_schema_types, i));
        said = true;
    }
}

static int64_t llmfi_type_bits(const llmfi_node *v) {
    static const uint8_t bits[] = {1, 2, 2, 4, 8, 16, 32}; /* in the order of LLMFI_NULL, FALSE, TRUE, NUMBER, STRING, ARRAY, OBJECT */
    llmfi_exact x;
    if (v->type != LLMFI_NUMBER) return bits[v->type];
    x = llmfi_exact_of(v->text);
    return llmfi_exact_whole(&x) ? 4 | 64 : 4;
}

static bool llmfi_judge_type(llmfi_judging *k, const llmfi_clause *c, const llmfi_judged *at) {
    int64_t is = llmfi_type_bits(at->node);
    llmfi_text *t;
    if (is & c->n) return true;
    t = llmfi_problem(k, at);
    if (!t) return false;
    LLMFI_SAY(t, "must be of type ");
    llmfi_say_types(t, c->n);
    LLMFI_SAY(t, ", not ");
    llmfi_say_types(t, is & 63);
    return false;
}

static bool llmfi_judge_enum(llmfi_judging *k, const llmfi_clause *c, const llmfi_judged *at) {
    const llmfi_node *n;
    llmfi_text *t;
    int i = 0;
    for (n = c->value->child; n; n = n->next)
        if (llmfi_node_equal(n, at->node, &k->work)) return true;
    t = llmfi_problem(k, at);
    if (!t) return false;
    LLMFI_SAY(t, "must be one of");
    for (n = c->value->child; n && i < 12; n = n->next, i++) {
        if (i) llmfi_say(t, LLMFI_LIT(","));
        llmfi_say(t, LLMFI_LIT(" "));
        if (n->type == LLMFI_STRING || n->type == LLMFI_NUMBER) llmfi_say(t, llmfi_utf8_cut(n->text, 40));
        else llmfi_say_types(t, llmfi_type_bits(n) & 63);
    }
    return false;
}

static bool llmfi_judge_properties(llmfi_judging *k, const llmfi_clause *c, const llmfi_judged *at) {
    const llmfi_node *n, *v;
    size_t i = 0;
    bool ok = true;
    for (n = c->value->child; n; n = n->next, i++) {
        llmfi_judged spot;
        k->work += at->node->count;
        v = llmfi_member(at->node, n->key);
        if (!v) continue;
        spot = llmfi_judged_in(at, v, 0);
        if (!llmfi_rule_check(k, c->rules[i], &spot)) ok = false;
        if (!ok && !llmfi_more(k)) return false;
    }
    return ok;
}

/* The members whose names fit a pattern. */
static bool llmfi_judge_patterns(llmfi_judging *k, const llmfi_clause *c, const llmfi_judged *at) {
    const llmfi_node *v;
    size_t i;
    bool ok = true;
    for (v = at->node->child; v; v = v->next)
        for (i = 0; i < c->value->count; i++) {
            llmfi_judged spot = llmfi_judged_in(at, v, 0);
            if (llmfi_regex_matches(c->regexes[i], v->key, &k->work, LLMF_MAX_CHECK_WORK) && !llmfi_rule_check(k, c->rules[i], &spot)) ok = false;
            if ((!ok && !llmfi_more(k)) || k->work >= LLMF_MAX_CHECK_WORK) return ok;
        }
    return ok;
}

static bool llmfi_is_named(llmfi_judging *k, const llmfi_clause *properties, const llmfi_clause *patterns, llmf_str key) {
    size_t i;
    k->work += properties ? properties->value->count : 0;
    if (properties && llmfi_member(properties->value, key)) return true;
    for (i = 0; patterns && i < patterns->value->count; i++)
        if (llmfi_regex_matches(patterns->regexes[i], key, &k->work, LLMF_MAX_CHECK_WORK)) return true;
    return false;
}

static bool llmfi_judge_additional(llmfi_judging *k, const llmfi_rule *r, const llmfi_clause *c, const llmfi_judged *at) {
    const llmfi_clause *properties = llmfi_clause_of(r, LLMFI_K_PROPERTIES), *patterns = llmfi_clause_of(r, LLMFI_K_PATTERN_PROPERTIES);
    const llmfi_node *v;
    bool ok = true;
    for (v = at->node->child; v && k->work < LLMF_MAX_CHECK_WORK; v = v->next) {
        llmfi_judged spot = llmfi_judged_in(at, v, 0);
        if (llmfi_is_named(k, properties, patterns, v->key)) continue;
        if (c->value->type == LLMFI_FALSE) ok = llmfi_wrong(k, at, LLMFI_WORDS("has a member that the schema does not know: "), v->key);
        else if (!llmfi_rule_check(k, c->rules[0], &spot)) ok = false;
        if (!ok && !llmfi_more(k)) return false;
    }
    return ok;
}

static bool llmfi_judge_names(llmfi_judging *k, const llmfi_clause *c, const llmfi_judged *at) {
    const llmfi_node *v;
    for (v = at->node->child; v; v = v->next) {
        llmfi_node name;
        llmfi_judged spot;
        memset(&name, 0, sizeof name);
        name.type = LLMFI_STRING;
        name.text = v->key;
        spot = llmfi_judged_in(NULL, &name, 0);
        if (!llmfi_rule_fits(k, c->rules[0], &spot)) return llmfi_wrong(k, at, LLMFI_WORDS("has a member whose name does not fit propertyNames: "), v->key);
    }
    return true;
}

static bool llmfi_judge_required(llmfi_judging *k, const llmfi_node *names, const llmfi_judged *at) {
    const llmfi_node *n;
    bool ok = true;
    for (n = names->child; n; n = n->next) {
        k->work += at->node->count;
        if (!llmfi_member(at->node, n->text)) ok = llmfi_wrong(k, at, LLMFI_WORDS("lacks the member "), n->text);
        if (!ok && !llmfi_more(k)) return false;
    }
    return ok;
}

static bool llmfi_judge_dependent(llmfi_judging *k, const llmfi_clause *c, const llmfi_judged *at) {
    const llmfi_node *n;
    size_t i = 0;
    for (n = c->value->child; n; n = n->next, i++)
        if (llmfi_member(at->node, n->key) && !(c->rules ? llmfi_rule_check(k, c->rules[i], at) : llmfi_judge_required(k, n, at))) return false;
    return true;
}

static bool llmfi_judge_object(llmfi_judging *k, const llmfi_rule *r, const llmfi_clause *c, const llmfi_judged *at) {
    int64_t count = (int64_t)at->node->count;
    switch (c->keyword->id) {
    case LLMFI_K_PROPERTIES: return llmfi_judge_properties(k, c, at);
    case LLMFI_K_PATTERN_PROPERTIES: return llmfi_judge_patterns(k, c, at);
    case LLMFI_K_ADDITIONAL: return llmfi_judge_additional(k, r, c, at);
    case LLMFI_K_NAMES: return llmfi_judge_names(k, c, at);
    case LLMFI_K_REQUIRED: return llmfi_judge_required(k, c->value, at);
    case LLMFI_K_MIN_PROPERTIES: return count >= c->n || llmfi_wrong_count(k, at, LLMFI_WORDS("must have at least "), c->n, LLMFI_WORDS(" members, not "), count);
    case LLMFI_K_MAX_PROPERTIES: return count <= c->n || llmfi_wrong_count(k, at, LLMFI_WORDS("must have at most "), c->n, LLMFI_WORDS(" members, not "), count);
    default: return llmfi_judge_dependent(k, c, at);
    }
}

static bool llmfi_judge_unique(llmfi_judging *k, const llmfi_judged *at) {
    const llmfi_node **table, *v;
    llmfi_arena scratch;
    size_t size = 4, i, index = 0;
    while (size / 2 < at->node->count) size *= 2;
    llmfi_arena_init(&scratch, k->arena->heap, 0);
    table = (const llmfi_node **)llmfi_arena_array(&scratch, size, sizeof *table);
    if (!table) k->code = LLMF_ERR_MEMORY;
    for (v = table ? at->node->child : NULL; v && k->work < LLMF_MAX_CHECK_WORK; v = v->next, index++) {
        for (i = (size_t)llmfi_node_hash(v) & (size - 1); table[i] && !llmfi_node_equal(table[i], v, &k->work) && k->work < LLMF_MAX_CHECK_WORK; i = (i + 1) & (size - 1)) continue;
        if (table[i] && k->work < LLMF_MAX_CHECK_WORK) break;
        table[i] = v;
    }
    llmfi_arena_free(&scratch);
    return !table || !v || k->work >= LLMF_MAX_CHECK_WORK || llmfi_wrong_count(k, at, LLMFI_WORDS("must have no two equal items, and item "), (int64_t)index, LLMFI_WORDS(" is equal to one before it; items: "), (int64_t)at->node->count);
}

static bool llmfi_judge_contains(llmfi_judging *k, const llmfi_rule *r, const llmfi_clause *c, const llmfi_judged *at) {
    const llmfi_clause *min = llmfi_clause_of(r, LLMFI_K_MIN_CONTAINS), *max = llmfi_clause_of(r, LLMFI_K_MAX_CONTAINS);
    const llmfi_node *v;
    int64_t fit = 0, least = min ? min->n : 1;
    size_t i = 0;
    for (v = at->node->child; v; v = v->next, i++) {
        llmfi_judged spot = llmfi_judged_in(at, v, i);
        fit += llmfi_rule_fits(k, c->rules[0], &spot);
    }
    if (fit < least) return llmfi_wrong_count(k, at, LLMFI_WORDS("must have at least "), least, LLMFI_WORDS(" items that fit `contains`, not "), fit);
    return !max || fit <= max->n || llmfi_wrong_count(k, at, LLMFI_WORDS("must have at most "), max->n, LLMFI_WORDS(" items that fit `contains`, not "), fit);
}

/* Items from the first that it is about: of prefixItems each its own schema. */
static bool llmfi_judge_items(llmfi_judging *k, const llmfi_rule *r, const llmfi_clause *c, const llmfi_judged *at) {
    const llmfi_clause *prefix = llmfi_clause_of(r, LLMFI_K_PREFIX);
    const llmfi_node *v = at->node->child;
    bool each = c->keyword->id == LLMFI_K_PREFIX, ok = true;
    size_t i = 0, first = !each && prefix ? prefix->value->count : 0;
    for (; v; v = v->next, i++) {
        llmfi_judged spot = llmfi_judged_in(at, v, i);
        if (each && i == c->value->count) break;
        if (i >= first && !llmfi_rule_check(k, c->rules[each ? i : 0], &spot)) ok = false;
        if (!ok && !llmfi_more(k)) return false;
    }
    return ok;
}

static bool llmfi_judge_array(llmfi_judging *k, const llmfi_rule *r, const llmfi_clause *c, const llmfi_judged *at) {
    int64_t count = (int64_t)at->node->count;
    switch (c->keyword->id) {
    case LLMFI_K_CONTAINS: return llmfi_judge_contains(k, r, c, at);
    case LLMFI_K_MIN_ITEMS: return count >= c->n || llmfi_wrong_count(k, at, LLMFI_WORDS("must have at least "), c->n, LLMFI_WORDS(" items, not "), count);
    case LLMFI_K_MAX_ITEMS: return count <= c->n || llmfi_wrong_count(k, at, LLMFI_WORDS("must have at most "), c->n, LLMFI_WORDS(" items, not "), count);
    case LLMFI_K_UNIQUE: return c->value->type == LLMFI_FALSE || llmfi_judge_unique(k, at);
    case LLMFI_K_PREFIX: case LLMFI_K_ITEMS: return llmfi_judge_items(k, r, c, at);
    default: return true; /* with `contains` */
    }
}

static bool llmfi_judge_string(llmfi_judging *k, const llmfi_clause *c, const llmfi_judged *at) {
    llmf_str text = at->node->text;
    int64_t n = 0;
    size_t i;
    if (c->keyword->id == LLMFI_K_PATTERN)
        return llmfi_regex_matches(c->regexes[0], text, &k->work, LLMF_MAX_CHECK_WORK) || k->work >= LLMF_MAX_CHECK_WORK || llmfi_wrong(k, at, LLMFI_WORDS("must match the pattern "), c->value->text);
    for (i = 0; i < text.len; i++) n += ((unsigned char)text.ptr[i] & 0xc0) != 0x80;
    k->work += text.len / 16;
    if (c->keyword->id == LLMFI_K_MIN_LENGTH) return n >= c->n || llmfi_wrong_count(k, at, LLMFI_WORDS("must have at least "), c->n, LLMFI_WORDS(" characters, not "), n);
    return n <= c->n || llmfi_wrong_count(k, at, LLMFI_WORDS("must have at most "), c->n, LLMFI_WORDS(" characters, not "), n);
}

static bool llmfi_judge_number(llmfi_judging *k, const llmfi_clause *c, const llmfi_judged *at) {
    llmfi_exact x = llmfi_exact_of(at->node->text), y = llmfi_exact_of(c->value->text);
    int order = llmfi_exact_compare(&x, &y);
    switch (c->keyword->id) {
    case LLMFI_K_MINIMUM: return order >= 0 || llmfi_wrong(k, at, LLMFI_WORDS("must be at least "), c->value->text);
    case LLMFI_K_MAXIMUM: return order <= 0 || llmfi_wrong(k, at, LLMFI_WORDS("must be at most "), c->value->text);
    case LLMFI_K_ABOVE: return order > 0 || llmfi_wrong(k, at, LLMFI_WORDS("must be above "), c->value->text);
    case LLMFI_K_BELOW: return order < 0 || llmfi_wrong(k, at, LLMFI_WORDS("must be below "), c->value->text);
    default: return llmfi_exact_multiple(&x, &y) || llmfi_wrong(k, at, LLMFI_WORDS("must be a multiple of "), c->value->text);
    }
}

static bool llmfi_judge_any(llmfi_judging *k, const llmfi_clause *c, const llmfi_judged *at) {
    size_t i, fit = 0, count = c->value->count, like = count, alike = 0;
    for (i = 0; i < count && k->code == LLMF_OK; i++) {
        const llmfi_clause *type = llmfi_clause_of(c->rules[i], LLMFI_K_TYPE);
        fit += llmfi_rule_fits(k, c->rules[i], at);
        if (fit && c->keyword->id == LLMFI_K_ANY) return true;
        if (type && !(type->n & llmfi_type_bits(at->node))) continue;
        like = i;
        alike++;
    }
    if (fit == 1) return true;
    if (fit) return llmfi_wrong_count(k, at, LLMFI_WORDS("must fit exactly one of the "), (int64_t)count, LLMFI_WORDS(" schemas of oneOf, not "), (int64_t)fit);
    if (alike == 1 && llmfi_more(k)) return llmfi_rule_check(k, c->rules[like], at); /* the one that can be meant says what is wrong */
    return llmfi_wrong_count(k, at, LLMFI_WORDS("must fit one of the "), (int64_t)count, c->keyword->id == LLMFI_K_ANY ? LLMFI_WORDS(" schemas of anyOf; it fits ") : LLMFI_WORDS(" schemas of oneOf; it fits "), 0);
}

static bool llmfi_judge_if(llmfi_judging *k, const llmfi_rule *r, const llmfi_clause *c, const llmfi_judged *at) {
    const llmfi_clause *on = llmfi_clause_of(r, llmfi_rule_fits(k, c->rules[0], at) ? LLMFI_K_THEN : LLMFI_K_ELSE);
    return !on || llmfi_rule_check(k, on->rules[0], at);
}

static bool llmfi_judge_all(llmfi_judging *k, const llmfi_clause *c, const llmfi_judged *at) {
    size_t i;
    bool ok = true;
    for (i = 0; i < c->value->count && (ok || llmfi_more(k)); i++)
        if (!llmfi_rule_check(k, c->rules[i], at)) ok = false;
    return ok;
}

static bool llmfi_clause_check(llmfi_judging *k, const llmfi_rule *r, const llmfi_clause *c, const llmfi_judged *at) {
    int type = at->node->type, id = c->keyword->id;
    switch (id) {
    case LLMFI_K_TYPE: return llmfi_judge_type(k, c, at);
    case LLMFI_K_ENUM: return llmfi_judge_enum(k, c, at);
    case LLMFI_K_CONST: return llmfi_node_equal(c->value, at->node, &k->work) || llmfi_wrong(k, at, LLMFI_WORDS("must be the one value that `const` has: "), c->value->text.ptr ? c->value->text : llmfi_str("", 0));
    case LLMFI_K_ALL: return llmfi_judge_all(k, c, at);
    case LLMFI_K_ANY: case LLMFI_K_ONE: return llmfi_judge_any(k, c, at);
    case LLMFI_K_NOT: return !llmfi_rule_fits(k, c->rules[0], at) || llmfi_wrong(k, at, LLMFI_WORDS("must not fit the schema of `not`"), llmfi_str("", 0));
    case LLMFI_K_IF: return llmfi_judge_if(k, r, c, at);
    case LLMFI_K_REF: return llmfi_rule_check(k, c->rules[0], at);
    case LLMFI_K_THEN: case LLMFI_K_ELSE: case LLMFI_K_DEFS: return true;
    default: break;
    }
    if (id >= LLMFI_K_PROPERTIES && id <= LLMFI_K_DEPENDENT_SCHEMAS) return type != LLMFI_OBJECT || llmfi_judge_object(k, r, c, at);
    if (id >= LLMFI_K_PREFIX && id <= LLMFI_K_UNIQUE) return type != LLMFI_ARRAY || llmfi_judge_array(k, r, c, at);
    if (id >= LLMFI_K_MIN_LENGTH && id <= LLMFI_K_PATTERN) return type != LLMFI_STRING || llmfi_judge_string(k, c, at);
    return type != LLMFI_NUMBER || llmfi_judge_number(k, c, at);
}

static bool llmfi_rule_check(llmfi_judging *k, const llmfi_rule *r, const llmfi_judged *at) {
    uint32_t i;
    bool ok = true;
    if (r->node->type == LLMFI_FALSE) return llmfi_wrong(k, at, LLMFI_WORDS("must not be there"), llmfi_str("", 0));
    if (k->depth == LLMF_MAX_SCHEMA_DEPTH || k->work >= LLMF_MAX_CHECK_WORK) k->code = LLMF_ERR_LIMIT;
    if (k->code != LLMF_OK) return false;
    k->depth++;
    for (i = 0; i < r->count && (ok || llmfi_more(k)) && k->code == LLMF_OK; i++) {
        k->work++;
        if (!llmfi_clause_check(k, r, &r->clauses[i], at)) ok = false;
    }
    k->depth--;
    if (k->work >= LLMF_MAX_CHECK_WORK) k->code = LLMF_ERR_LIMIT;
    return ok && k->code == LLMF_OK;
}

/* Does the value fit? Else `text` has what is wrong, a line each and at most `most` of them. The result: LLMF_OK, LLMF_ERR_SCHEMA, or LLMF_ERR_LIMIT, LLMF_ERR_MEMORY where the
   check could not be ended. */
LLMFI_UNUSED static int llmfi_schema_check(const llmfi_schema *s, const llmfi_node *value, llmfi_arena *arena, llmfi_text *text, size_t most) {
    llmfi_judging k;
    llmfi_judged at = llmfi_judged_in(NULL, value, 0);
    bool ok;
    memset(&k, 0, sizeof k);
    k.arena = arena;
    k.text = text;
    k.most = most;
    ok = llmfi_rule_check(&k, s->rules[0], &at);
    if (k.code == LLMF_ERR_LIMIT) LLMFI_SAY(text, "the check of the answer takes too long (LLMF_MAX_CHECK_WORK), or its schema goes round without an end (LLMF_MAX_SCHEMA_DEPTH)");
    return k.code != LLMF_OK ? k.code : ok ? LLMF_OK : LLMF_ERR_SCHEMA;
}

#endif
#endif
