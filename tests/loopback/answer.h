/* answer.h - what the model "says": derived from the request alone, so that a test knows the answer beforehand.
 *
 *   tool results came last      The tool said: RESULTS; where they begin with `call NAME {..}`, those calls
 *   tools and `call NAME {..}`  these calls (`;` between them; `call NAME !TEXT` gives TEXT as arguments, JSON or not)
 *   tool_choice forces a tool   a call with arguments made from its schema
 *   a JSON format is asked for  an object made from the schema; without a schema {"answer": text}
 *   `echo: TEXT`                echo: TEXT
 *   otherwise                   a story chosen by the model's name; /nN: N pieces of it
 * Images are mentioned first: `saw 2 image(s). `. The word `think` (or the request's own switch) gives reasoning before the answer.
 * A token is a word. */
#ifndef LOOPBACK_ANSWER_H
#define LOOPBACK_ANSWER_H
#include "exchange.h"

static const char *const stories[] = {
    "The quick brown fox jumps over the lazy dog, and then it writes \"code\" in plain C.\nNo copy is made twice.",
    "A na\xc3\xafve caf\xc3\xa9 owner in Malm\xc3\xb6 counts: \xe4\xb8\x80, \xe4\xba\x8c, \xe4\xb8\x89 cups \xe2\x80\x94 each 4 \xe2\x82\xac \xf0\x9f\x98\x80 served warm.",
    "Paths such as C:\\temp\\new and tabs\tlike this one must survive, {\"even\": [\"braces\", 1e3]} and <tags>, \xf0\x9f\x9a\x80 too.",
    "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82! \xe3\x81\x93\xe3\x82\x93\xe3\x81\xab\xe3\x81\xa1\xe3\x81\xaf. \xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb writes, \xf0\x9f\x87\xb8\xf0\x9f\x87\xaa waves, e\xcc\x81 is two characters." };
static const char thoughts[] = "First I read the question, then I weigh what is na\xc3\xafve against what is right.";
enum { STORIES = (int)(sizeof stories / sizeof *stories) };

/* ---- pieces --------------------------------------------------------------------------------------------------- */
static void piece_end(pieces *p) {
    if (!(p->n & (p->n - 1)) ) p->end = (size_t *)grab(p->end, (size_t)(p->n ? p->n * 2 : 1) * sizeof *p->end);
    p->end[p->n++] = p->text.n;
}
static const char *piece(const pieces *p, int i, size_t *n) {
    size_t s = i ? p->end[i - 1] : 0;
    *n = p->end[i] - s;
    return p->text.p + s;
}
static size_t word_end(const char *s, size_t n, size_t at) {             /* a word with the space before it */
    while (at < n && is_space(s[at])) at++;
    while (at < n && !is_space(s[at])) at++;
    return at;
}
static void words_of(pieces *p, const char *s, size_t n) {
    for (size_t at = 0, e; at < n; at = e) { e = word_end(s, n, at); put(&p->text, s + at, e - at); piece_end(p); }
}
static void cycle_words(pieces *p, const char *s, size_t n, long count) {
    for (size_t at = 0, e; count > 0; count--, at = e) {
        if (at >= n) { at = 0; put_char(&p->text, ' '); }
        e = word_end(s, n, at);
        put(&p->text, s + at, e - at);
        piece_end(p);
    }
}
/* `size` bytes a piece, never inside a character */
static void cut_evenly(pieces *p, const char *s, size_t n, size_t size) {
    for (size_t at = 0, e; at < n; at = e) {
        e = at + size < n ? at + size : n;
        while (e < n && ((unsigned char)s[e] & 0xC0) == 0x80) e++;
        put(&p->text, s + at, e - at);
        piece_end(p);
    }
}
static void pieces_cut(pieces *p, size_t bytes) {                        /* forget what comes after so many bytes */
    while (p->n && (p->n > 1 ? p->end[p->n - 2] : 0) >= bytes) p->n--;
    if (p->n && p->end[p->n - 1] > bytes) p->end[p->n - 1] = bytes;
    if (p->text.n > bytes) p->text.n = bytes;
}

/* ---- a value that fits a schema ------------------------------------------------------------------------------- */
static const json *schema_ref(const json *root, const json *ref) {       /* "#/$defs/Name" */
    const char *s = json_text(ref, "");
    if (*s++ != '#') return NULL;
    while (root && *s == '/') {
        char name[128];
        size_t k = strcspn(++s, "/");
        if (k >= sizeof name) return NULL;
        memcpy(name, s, k); name[k] = 0; s += k;
        root = json_get(root, name);
    }
    return root;
}
static const char *schema_type(const json *s) {
    const json *t = json_get(s, "type");
    if (is_kind(t, J_ARRAY)) for (t = t->first; t && is_text(t, "null") && t->next; t = t->next) {}
    return json_text(t, json_get(s, "properties") ? "object" : "");
}
static int is_required(const json *s, const json *member) {
    const json *r = json_get(s, "required");
    if (!is_kind(r, J_ARRAY)) return 1;
    for (const json *n = r->first; n; n = n->next) if (is_kind(n, J_STRING) && n->n == member->nkey && !memcmp(n->s, member->key, n->n)) return 1;
    return 0;
}
static uint64_t vary_from;                                              /* 0: nothing varies */
static void fill(buf *o, const json *root, const json *s, const char *text, int depth);
static void fill_object(buf *o, const json *root, const json *s, const char *text, int depth) {
    const json *p = json_get(s, "properties");
    int some = 0;
    put_char(o, '{');
    for (const json *m = p ? p->first : NULL; m; m = m->next) {
        if (!is_required(s, m)) continue;
        say(o, "%s%j:", some++ ? "," : "", m->key, m->nkey);
        fill(o, root, m, text, depth + 1);
    }
    put_char(o, '}');
}
static void fill_array(buf *o, const json *root, const json *s, const char *text, int depth) {
    const json *least = json_get(s, "minItems"), *items = json_get(s, "items");
    long n = is_kind(least, J_NUMBER) && least->number <= 100 ? (long)least->number : 0;
    if (n < 1) n = vary_from ? 3 : 1;
    put_char(o, '[');
    for (long i = 0; items && i < n; i++) { if (i) put_char(o, ','); fill(o, root, items, text, depth + 1); }
    put_char(o, ']');
}
/* /x-vary: each value is drawn from the question, and where it stands in the answer */
static uint64_t varied(const buf *o) { return hash_of((const char *)&o->n, sizeof o->n, vary_from) >> 20; }
static void fill_varied(buf *o, const json *many, const json *least, const json *most, const char *type) {
    static const char *const words[] = { "harbour", "engine", "lantern", "orchard", "violin", "glacier", "copper", "meadow" };
    uint64_t h = varied(o);
    if (many) {
        const json *m = many->first;
        for (long i = (long)(h % (uint64_t)many->count); i > 0; i--) m = m->next;
        put(o, m->raw, m->nraw);
    } else if (!strcmp(type, "string")) {
        buf t = { 0 };
        for (int i = 0; i < 12; i++) say(&t, "%s%s", i ? " " : "", words[h >> 3 * i & 7]);
        put_json(o, t.p, t.n);
        buf_free(&t);
    } else {
        long low = is_kind(least, J_NUMBER) ? (long)least->number : 0, high = is_kind(most, J_NUMBER) ? (long)most->number : low + 1000;
        say(o, "%d", low + (long)(h % (uint64_t)(high >= low ? high - low + 1 : 1)));
    }
}
static void fill(buf *o, const json *root, const json *s, const char *text, int depth) {
    const json *one = json_get(s, "const"), *many = json_get(s, "enum"), *any = json_get(s, "anyOf"), *ref = json_get(s, "$ref"), *least = json_get(s, "minimum");
    const char *type = schema_type(s);
    if (depth > 16) put_text(o, "null");
    else if (ref) fill(o, root, schema_ref(root, ref), text, depth + 1);
    else if (one) put(o, one->raw, one->nraw);
    else if (vary_from && is_kind(many, J_ARRAY) && many->first) fill_varied(o, many, NULL, NULL, type);
    else if (vary_from && (!strcmp(type, "integer") || !strcmp(type, "number") || !strcmp(type, "string"))) fill_varied(o, NULL, least, json_get(s, "maximum"), type);
    else if (is_kind(many, J_ARRAY) && many->first) put(o, many->first->raw, many->first->nraw);
    else if (is_kind(any, J_ARRAY) && any->first) fill(o, root, any->first, text, depth + 1);
    else if (!strcmp(type, "object")) fill_object(o, root, s, text, depth);
    else if (!strcmp(type, "array")) fill_array(o, root, s, text, depth);
    else if (!strcmp(type, "integer")) say(o, "%d", is_kind(least, J_NUMBER) && least->number > 42 && least->number < 1e9 ? (long)least->number : 42L);
    else if (!strcmp(type, "number")) put_text(o, "1.5");
    else if (!strcmp(type, "boolean")) put_text(o, "true");
    else if (!strcmp(type, "null")) put_text(o, "null");
    else put_json(o, text, strlen(text));
}

/* ---- what was thought must come back ----------------------------------------------------------------------------
 * The id of a call that was thought about begins so, behind the letters of its dialect: a turn that comes back without its thoughts is found without keeping
 * any state. Thoughts are sealed together with the id of the call behind them, so that those of another turn, or changed ones, are found as well. */
#define THOUGHT "rs_"
static int is_thought(const char *id, const char *letters) {
    size_t k = strlen(letters);
    return !strncmp(id, letters, k) && !strncmp(id + k, THOUGHT, strlen(THOUGHT));
}
static void seal(const char *s, size_t n, const char *id, char out[80]) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint64_t h = hash_of(id, strlen(id), hash_of(s, n, 0x6c6f6f706261636bu));
    memcpy(out, "Eo", 2);
    for (int i = 2; i < 66; i++) { h = h * 6364136223846793005u + 1442695040888963407u; out[i] = digits[h >> 58]; }
    memcpy(out + 66, "==", 3);
}
/* of this answer: with letters and id of its first call, the letters alone where there is none */
static void seal_answer(const exchange *x, const char *letters, char out[80]) {
    const answer *w = &x->answer;
    char id[80];
    snprintf(id, sizeof id, "%s%s", letters, w->ncalls ? w->calls[0].id : "");
    seal(w->reasoning.n ? w->reasoning.text.p : "", w->reasoning.text.n, id, out);
}

/* ---- tool calls ----------------------------------------------------------------------------------------------- */
static call *add_call(exchange *x, const char *name) {
    answer *w = &x->answer;
    if (w->ncalls == MAX_CALLS) return NULL;
    call *c = &w->calls[w->ncalls];
    memset(c, 0, sizeof *c);
    c->name = name;
    snprintf(c->id, sizeof c->id, "%s%016llx%08lx", w->reasoning.n ? THOUGHT : "", (unsigned long long)hash_of(name, strlen(name), (uint64_t)w->ncalls), x->number & 0xffffffffu);
    w->ncalls++;
    return c;
}
/* `NAME`, `NAME {json}` or `NAME !text` at s; the length that was read */
static size_t read_call(exchange *x, const char *s, size_t n) {
    size_t k = 0, used;
    while (k < n && !is_space(s[k]) && !strchr("{;!,", s[k])) k++;
    call *c = k ? add_call(x, take_text(&x->mem, s, k)) : NULL;
    if (!c) return k + 1;
    while (k < n && s[k] == ' ') k++;
    if (k < n && s[k] == '!') {
        const char *e = (const char *)memchr(s + k, ';', n - k);
        size_t stop = e ? (size_t)(e - s) : n;
        put(&c->args, s + k + 1, stop - k - 1);
        return stop;
    }
    json *v = k < n && s[k] == '{' ? json_prefix(&x->mem, s + k, n - k, &used) : NULL;
    if (v) put(&c->args, v->raw, v->nraw); else put_text(&c->args, "{}");
    return k + (v ? used : 0);
}
static void read_calls(exchange *x, const buf *t) {                      /* call A {..}; B {..}; call C */
    const char *s = t->n ? find(t->p, t->n, "call ") : NULL;
    size_t at = s ? (size_t)(s - t->p) : t->n;
    if (s && at && !is_space(s[-1])) return;
    while (at < t->n) {
        if (t->n - at > 5 && !memcmp(t->p + at, "call ", 5)) at += 5;
        at += read_call(x, t->p + at, t->n - at);
        while (at < t->n && is_space(t->p[at])) at++;
        if (at >= t->n || t->p[at] != ';') return;
        for (at++; at < t->n && is_space(t->p[at]); at++) {}
    }
}
static void forced_call(exchange *x) {
    const ask *a = &x->ask;
    for (int i = 0; i < a->ntools; i++) {
        if (a->choice == CHOICE_NAMED && strcmp(a->tools[i].name, a->chosen)) continue;
        call *c = add_call(x, a->tools[i].name);
        fill(&c->args, a->tools[i].schema, a->tools[i].schema, "a string", 0);
        if (a->tools[i].schema == NULL) { c->args.n = 0; put_text(&c->args, "{}"); }
        return;
    }
}
static void plan_calls(exchange *x) {
    const ask *a = &x->ask;
    if (!a->ntools || a->choice == CHOICE_NONE) return;
    if (a->has_result) {
        if (a->result.n > 5 && !memcmp(a->result.p, "call ", 5)) read_calls(x, &a->result);
        return;
    }
    read_calls(x, &a->user);
    if (!x->answer.ncalls && a->choice != CHOICE_AUTO) forced_call(x);
}

/* ---- the plan ------------------------------------------------------------------------------------------------- */
static const char *story_of(const ask *a) { return stories[hash_of(a->model, strlen(a->model), 0) % STORIES]; }

static void big_piece(pieces *p, size_t n) {
    put_char(&p->text, ' ');
    room(&p->text, n);
    memset(p->text.p + p->text.n, 'x', n);
    p->text.n += n;
    piece_end(p);
}
static size_t even_size(long n, size_t bytes) { return (bytes + (size_t)n - 1) / (size_t)n; }

static void plan_text(exchange *x) {
    const ask *a = &x->ask;
    pieces *p = &x->answer.text;
    buf t = { 0 };
    const char *echo = a->user.n ? find(a->user.p, a->user.n, "echo: ") : NULL;
    int story = 0;
    if (a->images) say(&t, "saw %d image(s). ", (long)a->images);
    if (a->has_result) say(&t, "The tool said: %v", a->result.p ? a->result.p : "", a->result.n);
    else if (echo) put(&t, echo, (size_t)(a->user.p + a->user.n - echo));
    else { put_text(&t, story_of(a)); story = 1; }
    if (a->want_json) {
        buf j = { 0 };
        vary_from = x->b.vary ? hash_of(a->user.p ? a->user.p : "", a->user.n, hash_of(a->model, strlen(a->model), 0)) | 1 : 0;
        if (a->schema) fill(&j, a->schema, a->schema, text_of(&t), 0); else say(&j, "{\"answer\":%j}", t.p, t.n);
        cut_evenly(p, j.p, j.n, x->b.n > 0 ? even_size(x->b.n, j.n) : 6);
        buf_free(&j);
    }
    else if (x->b.n >= 0 && story) cycle_words(p, t.p, t.n, x->b.n);
    else if (x->b.n > 0) cut_evenly(p, t.p, t.n, even_size(x->b.n, t.n));
    else words_of(p, t.p, t.n);
    buf_free(&t);
    if (x->b.big_line >= 0) big_piece(p, (size_t)x->b.big_line);
}
static void plan_limits(exchange *x) {                                   /* stop sequences, then max_tokens */
    answer *w = &x->answer;
    size_t stop = w->text.text.n;
    for (int i = 0; i < x->ask.nstops; i++) {
        const char *s = stop && x->ask.stops[i][0] ? find(w->text.text.p, stop, x->ask.stops[i]) : NULL;
        if (s) { stop = (size_t)(s - w->text.text.p); w->stop_hit = x->ask.stops[i]; w->finish = FINISH_STOP_SEQUENCE; }
    }
    if (w->stop_hit) pieces_cut(&w->text, stop);
    if (!x->ask.max_tokens || count_words(w->text.text.p ? w->text.text.p : "", w->text.text.n) <= x->ask.max_tokens) return;
    size_t at = 0;
    for (long i = 0; i < x->ask.max_tokens; i++) at = word_end(w->text.text.p, w->text.text.n, at);
    pieces_cut(&w->text, at);
    w->finish = FINISH_LENGTH; w->stop_hit = NULL;
}
static void plan_usage(exchange *x) {
    answer *w = &x->answer;
    const buf *t = &w->text.text, *r = &w->reasoning.text;
    w->in = x->ask.words_in + 10L * x->ask.images;
    if (w->in < 1) w->in = 1;
    w->cached = x->b.cached < 0 ? 0 : x->b.cached < w->in ? x->b.cached : w->in;
    w->out_reasoning = r->n ? count_words(r->p, r->n) : 0;
    w->out = w->out_reasoning + (t->n ? count_words(t->p, t->n) : 0);
    for (int i = 0; i < w->ncalls; i++) w->out += 1 + (w->calls[i].args.n ? count_words(w->calls[i].args.p, w->calls[i].args.n) : 0);
    if (w->out < 1) w->out = 1;
}
static void plan_answer(exchange *x) {
    answer *w = &x->answer;
    if (x->ask.think) words_of(&w->reasoning, thoughts, sizeof thoughts - 1);
    plan_calls(x);
    if (x->b.refusal) { words_of(&w->text, "I'm sorry, I can't help with that.", 34); w->finish = FINISH_REFUSAL; w->ncalls = 0; }
    else if (w->ncalls) w->finish = FINISH_CALLS;
    else { plan_text(x); plan_limits(x); }
    plan_usage(x);
}

/* the arguments of a call as an object, where the protocol knows no other form */
static const char *call_object(exchange *x, const call *c, size_t *n) {
    size_t used = 0;
    const json *v = c->args.n ? json_prefix(&x->mem, c->args.p, c->args.n, &used) : NULL;
    *n = is_kind(v, J_OBJECT) ? v->nraw : 2;
    return is_kind(v, J_OBJECT) ? v->raw : "{}";
}

/* Called by the dialects before each piece of a stream. 1: the stream ends here. */
static int mid_stream(exchange *x, int i) {
    if (i != 2) return 0;
    if (x->b.error_in_200) { x->how->stream_error(x); return 1; }
    if (x->b.bad_json) {
        put_text(&x->reply.body, strstr(x->how->stream_type, "ndjson") ? "{\"message\":{\"content\":\n" : "data: {\"choices\":[{\"delta\":{\"content\":\n\n");
        event_end(x);
    }
    return 0;
}
#endif
