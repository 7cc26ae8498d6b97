/* Regular expressions as JSON Schema has them (ECMA-262, by code points), without backtracking: all states at once, one pass over the text, so that no pattern is slow.
   Known are: characters, . [a-z] [^…] \d \w \s and their opposites, \b \B ^ $, groups, | * + ? {n,m} (lazy or not: what matches is the same), \n \r \t \f \v \0 \xHH \uHHHH
   \u{…} \cX. Back references, look-around and \p are refused: the first two cannot be had in linear time, the last wants tables. */
#ifndef LLMFI_BASE_REGEX_H
#define LLMFI_BASE_REGEX_H
#include "mem.h"
#include "utf8.h"

#if LLMF_HAS_STRUCTURED

/* Instructions of one pattern; {n,m} is written out, and counts as often as it may occur. */
#ifndef LLMF_MAX_REGEX
#define LLMF_MAX_REGEX 2000
#endif

enum { LLMFI_RE_CHAR, LLMFI_RE_ANY, LLMFI_RE_CLASS, LLMFI_RE_SPLIT, LLMFI_RE_JUMP, LLMFI_RE_BEGIN, LLMFI_RE_END, LLMFI_RE_WORD, LLMFI_RE_NO_WORD, LLMFI_RE_MATCH };

/* CHAR: a is the code point. CLASS: the text from a to b, without brackets. SPLIT: the distances to both ways. JUMP: the distance. */
typedef struct llmfi_re_op {
    int op;
    int32_t a, b;
} llmfi_re_op;

typedef struct llmfi_regex {
    llmf_str pattern;                        /* where it was: it must stay */
    llmfi_re_op *ops;
    uint16_t *list[2], *stack, *seen;        /* of `count` each: states now and next; those to look at; where in a list a state stands */
    uint32_t count;
} llmfi_regex;

typedef struct llmfi_re_parse {
    const char *begin, *at, *end;
    llmfi_re_op *ops;
    uint32_t count, depth;
    const char *bad;                         /* NULL, or what is wrong; static storage */
} llmfi_re_parse;

static bool llmfi_re_alternatives(llmfi_re_parse *p);

static bool llmfi_re_fail(llmfi_re_parse *p, const char *what) {
    if (!p->bad) p->bad = what;
    return false;
}

static bool llmfi_re_put(llmfi_re_parse *p, int op, int32_t a, int32_t b) {
    if (p->count == LLMF_MAX_REGEX) return llmfi_re_fail(p, "is too large (LLMF_MAX_REGEX)");
    p->ops[p->count].op = op;
    p->ops[p->count].a = a;
    p->ops[p->count++].b = b;
    return true;
}

/* Room for one more before what was written from `from` on; distances inside of it stay right. */
static bool llmfi_re_insert(llmfi_re_parse *p, uint32_t from, int op, int32_t a, int32_t b) {
    llmfi_re_op it;
    if (!llmfi_re_put(p, op, a, b)) return false;
    it = p->ops[p->count - 1];
    memmove(p->ops + from + 1, p->ops + from, (size_t)(p->count - 1 - from) * sizeof it);
    p->ops[from] = it;
    return true;
}

/* One character of the pattern as it stands; the pattern is valid UTF-8. */
static uint32_t llmfi_re_one(const char **at, const char *end) {
    uint32_t cp = 0;
    int n = llmfi_utf8_next(*at, end, &cp);
    *at += n > 0 ? n : 1;
    return cp;
}

static bool llmfi_re_hex(const char **at, const char *end, int digits, uint32_t *cp) {
    *cp = 0;
    for (; digits; digits--, ++*at) {
        char c = *at < end ? llmfi_lower(**at) : 'x';
        if (!llmfi_is_digit(c) && (c < 'a' || c > 'f')) return false;
        *cp = *cp << 4 | (uint32_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    return true;
}

/* Behind a backslash: the character that is meant, or, where it stands for several, 0 with *set its letter. False: unknown. */
static bool llmfi_re_escape(const char **at, const char *end, uint32_t *cp, char *set) {
    static const char plain[] = "n\nr\rt\tf\fv\v";
    size_t i;
    char c;
    *set = 0;
    if (*at == end) return false;
    c = *(*at)++;
    *cp = (unsigned char)c;
    for (i = 0; i + 1 < sizeof plain; i += 2)
        if (c == plain[i]) return *cp = (unsigned char)plain[i + 1], true;
    switch (c) {
    case 'd': case 'D': case 'w': case 'W': case 's': case 'S': *set = c; *cp = 0; return true;
    case '0': *cp = 0; return *at == end || !llmfi_is_digit(**at);
    case 'x': return llmfi_re_hex(at, end, 2, cp);
    case 'c': return *at < end && llmfi_lower(**at) >= 'a' && llmfi_lower(**at) <= 'z' ? (*cp = (uint32_t)(*(*at)++ & 31), true) : false;
    case 'u':
        if (*at < end && **at == '{') {
            uint32_t digit;
            ++*at;
            for (*cp = 0; *at < end && **at != '}' && *cp <= 0x10ffff;) {
                if (!llmfi_re_hex(at, end, 1, &digit)) return false;
                *cp = *cp << 4 | digit;
            }
            return *at < end && *(*at)++ == '}' && *cp <= 0x10ffff;
        }
        if (!llmfi_re_hex(at, end, 4, cp)) return false;
        if (*cp >= 0xd800 && *cp < 0xdc00 && end - *at >= 6 && (*at)[0] == '\\' && (*at)[1] == 'u') {
            const char *low = *at + 2;
            uint32_t second;
            if (llmfi_re_hex(&low, end, 4, &second) && second >= 0xdc00 && second < 0xe000) {
                *cp = 0x10000 + ((*cp - 0xd800) << 10) + (second - 0xdc00);
                *at = low;
            }
        }
        return true;
    default: return !((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || llmfi_is_digit(c)) && (unsigned char)c < 0x80;
    }
}

static bool llmfi_re_word(uint32_t c) {
    return c < 0x80 && (llmfi_is_digit((char)c) || c == '_' || (llmfi_lower((char)c) >= 'a' && llmfi_lower((char)c) <= 'z'));
}

static bool llmfi_re_in_set(char set, uint32_t c) {
    switch (set) {
    case 'd': return c >= '0' && c <= '9';
    case 'D': return c < '0' || c > '9';
    case 'w': return llmfi_re_word(c);
    case 'W': return !llmfi_re_word(c);
    case 'S': return !llmfi_re_in_set('s', c);
    default:
        return (c >= 9 && c <= 13) || c == ' ' || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f ||
               c == 0x3000 || c == 0xfeff;
    }
}

/* One item of a class: from *low to *high, or a set. False: there is none, or it is wrong (*bad). */
static bool llmfi_re_item(const char **at, const char *end, uint32_t *low, uint32_t *high, char *set, const char **bad) {
    char second = 0;
    const char *dash;
    *set = 0;
    if (*at == end) return false;
    *low = llmfi_re_one(at, end);
    if (*low == '\\' && *at < end && **at == 'b') *low = '\b', ++*at;
    else if (*low == '\\' && *at < end && **at == '-') ++*at, *low = '-';
    else if (*low == '\\' && !llmfi_re_escape(at, end, low, set)) return *bad = "has an escape in a class that is not known here", false;
    *high = *low;
    if (*set || end - *at < 2 || **at != '-') return true;
    dash = *at + 1;
    *high = llmfi_re_one(&dash, end);
    if (*high == '\\' && dash < end && *dash == '-') ++dash, *high = '-';
    else if (*high == '\\' && !llmfi_re_escape(&dash, end, high, &second)) return *bad = "has an escape in a class that is not known here", false;
    if (second || *high < *low) return *bad = "has a range in a class that is upside down, or ends in a set", false;
    *at = dash;
    return true;
}

static bool llmfi_re_class(const llmfi_regex *re, const llmfi_re_op *op, uint32_t c) {
    const char *at = re->pattern.ptr + op->a, *end = re->pattern.ptr + op->b, *bad = NULL;
    bool negative = at < end && *at == '^';
    uint32_t low, high;
    char set;
    at += negative;
    while (llmfi_re_item(&at, end, &low, &high, &set, &bad))
        if (set ? llmfi_re_in_set(set, c) : c >= low && c <= high) return !negative;
    return negative;
}

static bool llmfi_re_take_class(llmfi_re_parse *p) {
    const char *from = p->at, *at;
    uint32_t low, high;
    char set;
    while (p->at < p->end && *p->at != ']') p->at += *p->at == '\\' && p->end - p->at > 1 ? 2 : 1;
    if (p->at == p->end) return llmfi_re_fail(p, "has a [ without its ]");
    for (at = from + (*from == '^'); llmfi_re_item(&at, p->at, &low, &high, &set, &p->bad);) continue;
    return !p->bad && llmfi_re_put(p, LLMFI_RE_CLASS, (int32_t)(from - p->begin), (int32_t)(p->at++ - p->begin));
}

static bool llmfi_re_take_group(llmfi_re_parse *p) {
    bool ok;
    if (p->at < p->end && *p->at == '?') {
        p->at++;
        if (p->at < p->end && *p->at == ':') {
            p->at++;
        } else if (p->end - p->at > 1 && *p->at == '<' && p->at[1] != '=' && p->at[1] != '!') {
            while (p->at < p->end && *p->at != '>') p->at++;
            if (p->at++ == p->end) return llmfi_re_fail(p, "has a group whose name has no end");
        } else {
            return llmfi_re_fail(p, "looks around, which is not built in");
        }
    }
    if (++p->depth > 64) return llmfi_re_fail(p, "has more than 64 groups in each other");
    ok = llmfi_re_alternatives(p);
    p->depth--;
    if (ok && (p->at == p->end || *p->at++ != ')')) return llmfi_re_fail(p, "has a ( without its )");
    return ok;
}

static bool llmfi_re_take_escape(llmfi_re_parse *p) {
    const char *from = p->at - 1;
    uint32_t cp;
    char set;
    if (p->at < p->end && (*p->at == 'b' || *p->at == 'B')) return llmfi_re_put(p, *p->at++ == 'b' ? LLMFI_RE_WORD : LLMFI_RE_NO_WORD, 0, 0);
    if (p->at < p->end && (*p->at == 'p' || *p->at == 'P')) return llmfi_re_fail(p, "has \\p, which is not built in");
    if (p->at < p->end && ((*p->at >= '1' && *p->at <= '9') || *p->at == 'k')) return llmfi_re_fail(p, "refers back, which is not built in");
    if (!llmfi_re_escape(&p->at, p->end, &cp, &set)) return llmfi_re_fail(p, "has an escape that is not known here");
    return set ? llmfi_re_put(p, LLMFI_RE_CLASS, (int32_t)(from - p->begin), (int32_t)(p->at - p->begin)) : llmfi_re_put(p, LLMFI_RE_CHAR, (int32_t)cp, 0);
}

static bool llmfi_re_atom(llmfi_re_parse *p) {
    switch (*p->at) {
    case '(': p->at++; return llmfi_re_take_group(p);
    case '[': p->at++; return llmfi_re_take_class(p);
    case '\\': p->at++; return llmfi_re_take_escape(p);
    case '.': p->at++; return llmfi_re_put(p, LLMFI_RE_ANY, 0, 0);
    case '^': p->at++; return llmfi_re_put(p, LLMFI_RE_BEGIN, 0, 0);
    case '$': p->at++; return llmfi_re_put(p, LLMFI_RE_END, 0, 0);
    case '*': case '+': case '?': case '{': return llmfi_re_fail(p, "repeats nothing");
    case '}': case ']': return llmfi_re_fail(p, "has a bracket that closes nothing");
    default: return llmfi_re_put(p, LLMFI_RE_CHAR, (int32_t)llmfi_re_one(&p->at, p->end), 0);
    }
}

/* * + ? {n} {n,} {n,m} behind an atom; most below 0: any number. */
static bool llmfi_re_times(llmfi_re_parse *p, int *least, int *most) {
    int n[2] = {-1, -1}, i = 0;
    *least = *most = 1;
    if (p->at == p->end || !llmfi_memchr("*+?{", *p->at, 4)) return true;
    if (*p->at != '{') {
        *least = *p->at == '+';
        *most = *p->at++ == '?' ? 1 : -1;
    } else {
        for (p->at++; p->at < p->end && *p->at != '}'; p->at++) {
            if (*p->at == ',' && !i) i = 1;
            else if (llmfi_is_digit(*p->at) && n[i] < LLMF_MAX_REGEX) n[i] = (n[i] < 0 ? 0 : n[i]) * 10 + (*p->at - '0');
            else return llmfi_re_fail(p, "has a { that is no {n}, {n,} or {n,m}");
        }
        if (p->at == p->end || n[0] < 0) return llmfi_re_fail(p, "has a { that is no {n}, {n,} or {n,m}");
        p->at++;
        *least = n[0];
        *most = i ? n[1] : n[0];
        if (*most >= 0 && *most < *least) return llmfi_re_fail(p, "has a {n,m} whose m is below n");
    }
    if (p->at < p->end && *p->at == '?') p->at++; /* lazy */
    return p->at == p->end || !llmfi_memchr("*+?{", *p->at, 4) || llmfi_re_fail(p, "repeats a repetition");
}

/* What stands from `from` on, `n` of it, once more behind all. */
static bool llmfi_re_copy(llmfi_re_parse *p, uint32_t from, uint32_t n) {
    if (n > LLMF_MAX_REGEX - p->count) return llmfi_re_fail(p, "is too large (LLMF_MAX_REGEX)");
    memcpy(p->ops + p->count, p->ops + from, n * sizeof *p->ops);
    p->count += n;
    return true;
}

/* An atom as often as it may be. */
static bool llmfi_re_piece(llmfi_re_parse *p) {
    uint32_t begin = p->count, first = begin, n;
    int least, most, i;
    if (!llmfi_re_atom(p) || !llmfi_re_times(p, &least, &most)) return false;
    n = p->count - begin;
    if (!most) p->count = begin;
    for (i = 0; n && (most < 0 ? i <= least : i < most); i++) {
        if (i) begin = p->count;
        if (i && !llmfi_re_copy(p, first, n)) return false;
        if (i < least) continue;
        if (!llmfi_re_insert(p, begin, LLMFI_RE_SPLIT, 1, (int32_t)n + (most < 0 ? 2 : 1))) return false;
        if (!i) first++;
        if (most < 0 && !llmfi_re_put(p, LLMFI_RE_JUMP, -(int32_t)(p->count - begin), 0)) return false;
    }
    return true;
}

static bool llmfi_re_alternatives(llmfi_re_parse *p) {
    uint32_t begin = p->count, last = p->count;
    for (;;) {
        while (p->at < p->end && *p->at != '|' && *p->at != ')')
            if (!llmfi_re_piece(p)) return false;
        if (p->at == p->end || *p->at != '|') break;
        p->at++;
        if (!llmfi_re_insert(p, last, LLMFI_RE_SPLIT, 1, (int32_t)(p->count - last) + 2) || !llmfi_re_put(p, LLMFI_RE_JUMP, 0, -1)) return false;
        last = p->count;
    }
    for (; begin < last; begin++) /* the jumps behind all but the last go to the end: those of inner ones have their distance */
        if (p->ops[begin].op == LLMFI_RE_JUMP && p->ops[begin].b == -1) {
            p->ops[begin].a = (int32_t)(p->count - begin);
            p->ops[begin].b = 0;
        }
    return true;
}

/* Makes it ready, in the arena. NULL: *bad says what is wrong, or, NULL, there is no memory. */
LLMFI_UNUSED static llmfi_regex *llmfi_regex_make(llmfi_arena *a, llmf_str pattern, const char **bad) {
    llmfi_regex *re = (llmfi_regex *)llmfi_arena_alloc(a, sizeof *re);
    llmfi_re_parse p;
    llmfi_re_op *room = (llmfi_re_op *)llmfi_heap_alloc(a->heap, LLMF_MAX_REGEX * sizeof *room);
    memset(&p, 0, sizeof p);
    p.begin = p.at = pattern.ptr;
    p.end = pattern.ptr + pattern.len;
    p.ops = room;
    *bad = NULL;
    if (!re || !room) {
        llmfi_heap_free(a->heap, room);
        return NULL;
    }
    if (pattern.len > 1000000) llmfi_re_fail(&p, "is too large");
    else if (llmfi_re_alternatives(&p) && p.at < p.end) llmfi_re_fail(&p, "has a ) without its (");
    if (!p.bad) llmfi_re_put(&p, LLMFI_RE_MATCH, 0, 0);
    *bad = p.bad;
    re->pattern = pattern;
    re->count = p.count;
    if (!p.bad) re->ops = (llmfi_re_op *)llmfi_arena_array(a, p.count, sizeof *re->ops);
    if (re->ops) memcpy(re->ops, room, p.count * sizeof *re->ops);
    llmfi_heap_free(a->heap, room);
    if (!re->ops) return NULL;
    re->list[0] = (uint16_t *)llmfi_arena_array(a, re->count, 5 * sizeof *re->seen);
    if (!re->list[0]) return NULL;
    re->list[1] = re->list[0] + re->count;
    re->seen = re->list[1] + re->count;
    re->stack = re->seen + re->count; /* of two: each state puts two at most, once */
    return re;
}

typedef struct llmfi_re_run {
    const llmfi_regex *re;
    uint32_t before, next;                   /* characters around the place; none: UINT32_MAX */
    uint32_t count;                          /* states of the list being made */
    bool matched;
} llmfi_re_run;

/* A state, and all that it leads to without a character. */
static void llmfi_re_add(llmfi_re_run *r, uint16_t *list, uint32_t state) {
    const llmfi_regex *re = r->re;
    uint32_t depth = 0;
    re->stack[depth++] = (uint16_t)state;
    while (depth) {
        uint32_t s = re->stack[--depth];
        const llmfi_re_op *op = &re->ops[s];
        bool edge = (r->before != UINT32_MAX && llmfi_re_word(r->before)) != (r->next != UINT32_MAX && llmfi_re_word(r->next));
        if (re->seen[s] < r->count && list[re->seen[s]] == s) continue;
        re->seen[s] = (uint16_t)r->count;
        list[r->count++] = (uint16_t)s;
        if (op->op == LLMFI_RE_MATCH) r->matched = true;
        if (op->op == LLMFI_RE_SPLIT) re->stack[depth++] = (uint16_t)(s + (uint32_t)op->b);
        if (op->op == LLMFI_RE_SPLIT || op->op == LLMFI_RE_JUMP) re->stack[depth++] = (uint16_t)(s + (uint32_t)op->a);
        if ((op->op == LLMFI_RE_BEGIN && r->before == UINT32_MAX) || (op->op == LLMFI_RE_END && r->next == UINT32_MAX) || (op->op == LLMFI_RE_WORD && edge) || (op->op == LLMFI_RE_NO_WORD && !edge))
            re->stack[depth++] = (uint16_t)(s + 1);
    }
}

static bool llmfi_re_takes(const llmfi_regex *re, const llmfi_re_op *op, uint32_t c) {
    switch (op->op) {
    case LLMFI_RE_CHAR: return (uint32_t)op->a == c;
    case LLMFI_RE_ANY: return c != '\n' && c != '\r' && c != 0x2028 && c != 0x2029;
    case LLMFI_RE_CLASS: return llmfi_re_class(re, op, c);
    default: return false;
    }
}

/* True where the pattern matches somewhere in the text, which is valid UTF-8. *work counts what it costs: a step for each state, and for each byte of a class. False where it
   has come to `most` before that is known. */
LLMFI_UNUSED static bool llmfi_regex_matches(const llmfi_regex *re, llmf_str text, uint64_t *work, uint64_t most) {
    const char *at = text.ptr, *end = text.ptr + text.len, *behind;
    llmfi_re_run r;
    uint32_t i, had = 0, c;
    int turn = 0;
    memset(&r, 0, sizeof r);
    r.re = re;
    r.before = c = UINT32_MAX;
    for (;;) {
        behind = at;
        r.next = at < end ? llmfi_re_one(&behind, end) : UINT32_MAX;
        r.count = 0;
        for (i = 0; i < had; i++) {
            const llmfi_re_op *op = &re->ops[re->list[!turn][i]];
            if (op->op == LLMFI_RE_CLASS) *work += (uint64_t)(op->b - op->a);
            if (llmfi_re_takes(re, op, c)) llmfi_re_add(&r, re->list[turn], (uint32_t)re->list[!turn][i] + 1);
        }
        llmfi_re_add(&r, re->list[turn], 0);
        *work += r.count;
        if (r.matched || at == end || *work >= most) return r.matched;
        had = r.count;
        r.before = c = r.next;
        at = behind;
        turn = !turn;
    }
}

#endif
#endif
