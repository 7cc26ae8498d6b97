/* JSON as it comes, piece by piece, into a struct or to a callback: no tree, no memory, nothing read twice. */
#ifndef LLMFI_TASKS_JSON_STREAM_H
#define LLMFI_TASKS_JSON_STREAM_H
#include "../base/json_schema.h"

#if LLMF_HAS_STRUCTURED

enum { LLMFI_JS_LEVELS = 16, LLMFI_JS_DEPTH = 128 }; /* levels that fields or paths are known of; levels at all */

enum {
    LLMFI_JS_SEEK, LLMFI_JS_VALUE, LLMFI_JS_FIRST, LLMFI_JS_KEY, LLMFI_JS_FIRST_KEY, LLMFI_JS_COLON, LLMFI_JS_AFTER, LLMFI_JS_STRING, LLMFI_JS_ESCAPE, LLMFI_JS_HEX, LLMFI_JS_NUMBER,
    LLMFI_JS_WORD, LLMFI_JS_DONE
};

/* An array or object that is open. */
typedef struct llmfi_js_level {
    const llmf_field *fields, *array;        /* of an object; of the items; NULL: nobody wants what is in it */
    char *base;                              /* the struct, or the C array */
    size_t *count;                           /* of items */
    uint32_t index, path;                    /* the item under way; how long the path to here is */
} llmfi_js_level;

/* In llmf_json_stream.room. Zero is the beginning. */
typedef struct llmfi_js {
    int state, code;                         /* LLMFI_JS_…; an llmf_result once it has failed */
    uint32_t depth, high, unit;              /* high: half of a pair; unit: of the escape being read */
    uint8_t digits, full, is_key, item;      /* digits of it; the room is used up; the text is a key's; `field` is meant item by item */
    const llmf_field *field;                 /* of the value to come, or under way; NULL: nobody's */
    char *at;                                /* where it goes */
    size_t len;                              /* bytes of it that are written */
    uint64_t objects[LLMFI_JS_DEPTH / 64];   /* a bit for each level */
    llmfi_utf8 utf8;
    uint32_t path_len, held;                 /* held: bytes in text */
    llmfi_js_level level[LLMFI_JS_LEVELS];
    char text[64];                           /* a key, a number, a word, a word of an ENUM */
    char path[256];
} llmfi_js;

typedef char llmfi_js_fits[sizeof(llmfi_js) <= sizeof(((llmf_json_stream *)0)->room) ? 1 : -1];

static bool llmfi_js_fail(llmf_json_stream *s, llmfi_js *j, int code, const char *why) {
    j->code = code;
    s->error = why;
    return false;
}

static bool llmfi_js_in_object(const llmfi_js *j) {
    return (j->objects[(j->depth - 1) / 64] >> ((j->depth - 1) % 64) & 1) != 0;
}

static llmfi_js_level *llmfi_js_inner(llmfi_js *j) {
    return j->depth && j->depth <= LLMFI_JS_LEVELS ? &j->level[j->depth - 1] : NULL;
}

/* ---- paths ---- */

static void llmfi_js_path_add(llmfi_js *j, const char *bytes, size_t len) {
    if (len > sizeof j->path - 1 - j->path_len) return;
    memcpy(j->path + j->path_len, bytes, len);
    j->path_len += (uint32_t)len;
    j->path[j->path_len] = '\0';
}

/* The path of a value of the level, from its key or its index. */
static void llmfi_js_path(llmfi_js *j, const llmfi_js_level *up, llmf_str key) {
    char digits[LLMFI_INT_TEXT];
    size_t i;
    j->path_len = up->path;
    j->path[j->path_len] = '\0';
    llmfi_js_path_add(j, "/", 1);
    if (!llmfi_js_in_object(j)) llmfi_js_path_add(j, digits, llmfi_print_int(digits, up->index));
    for (i = 0; llmfi_js_in_object(j) && i < key.len; i++) {
        if (key.ptr[i] == '~' || key.ptr[i] == '/') llmfi_js_path_add(j, key.ptr[i] == '~' ? "~0" : "~1", 2);
        else llmfi_js_path_add(j, key.ptr + i, 1);
    }
}

/* ---- values into their places ---- */

static bool llmfi_js_store_int(llmf_json_stream *s, const llmfi_js *j, int64_t value) {
    size_t n = j->field->each;
    int8_t one = (int8_t)value;
    int16_t two = (int16_t)value;
    int32_t four = (int32_t)value;
    const void *from = n == 1 ? (const void *)&one : n == 2 ? (const void *)&two : n == 4 ? (const void *)&four : (const void *)&value;
    if ((n == 1 && one != value) || (n == 2 && two != value) || (n == 4 && four != value) || n > 8) {
        s->lost++;
        return true;
    }
    memcpy(j->at, from, n);
    return true;
}

static bool llmfi_js_take_number(llmf_json_stream *s, llmfi_js *j, llmf_str text) {
    double value = 0;
    float small;
    int64_t whole = 0;
    if (j->field->kind == LLMF_KIND_INT) {
        llmfi_exact x = llmfi_exact_of(text);
        if (!llmfi_exact_whole(&x)) return llmfi_js_fail(s, j, LLMF_ERR_SCHEMA, "a whole number is expected");
        if (llmfi_parse_whole(text, &whole)) return llmfi_js_store_int(s, j, whole);
        s->lost++;
        return true;
    }
    if (j->field->kind != LLMF_KIND_DOUBLE) return llmfi_js_fail(s, j, LLMF_ERR_SCHEMA, "a number stands where none is expected");
    if (!llmfi_parse_double(text, &value)) s->lost++;
    small = (float)value;
    if (j->field->each == sizeof value) memcpy(j->at, &value, sizeof value);
    else if (j->field->each == sizeof small) memcpy(j->at, &small, sizeof small);
    return true;
}

static bool llmfi_js_take_enum(llmf_json_stream *s, llmfi_js *j) {
    llmf_str rest = llmfi_cstr(j->field->words), word = llmfi_str(j->text, j->held);
    int64_t i;
    for (i = 0; !j->full; i++) {
        size_t n = llmfi_find_char(rest, '|');
        if (llmfi_eq(llmfi_str(rest.ptr, n == LLMFI_NOWHERE ? rest.len : n), word)) return llmfi_js_store_int(s, j, i);
        if (n == LLMFI_NOWHERE) break;
        rest = llmfi_from(rest, n + 1);
    }
    return llmfi_js_fail(s, j, LLMF_ERR_SCHEMA, "the text is none of the words of its field");
}

/* The scalar that has ended: text is a number or a word as written. */
static bool llmfi_js_scalar(llmf_json_stream *s, llmfi_js *j, int kind, llmf_str text) {
    bool ok = true;
    j->state = LLMFI_JS_AFTER;
    if (j->field && kind != LLMF_KIND_NULL) {
        if (j->field->array && !j->item) return llmfi_js_fail(s, j, LLMF_ERR_SCHEMA, "an array is expected");
        switch (kind) {
        case LLMF_KIND_DOUBLE: ok = llmfi_js_take_number(s, j, text); break;
        case LLMF_KIND_BOOL: ok = j->field->kind == LLMF_KIND_BOOL ? llmfi_js_store_int(s, j, text.ptr[0] == 't') : llmfi_js_fail(s, j, LLMF_ERR_SCHEMA, "true or false stands where none is expected"); break;
        default: ok = j->field->kind != LLMF_KIND_ENUM || llmfi_js_take_enum(s, j); break;
        }
    }
    if (ok && s->on_value) s->on_value(s->user, j->path, kind, kind == LLMF_KIND_STRING ? llmfi_str("", 0) : text, 1);
    return ok;
}

/* ---- text ---- */

/* What is kept in j->text: whole characters, until one does not fit. */
static void llmfi_js_hold(llmfi_js *j, const char *bytes, size_t len) {
    size_t room = sizeof j->text - j->held, n = len < room ? len : room;
    if (j->full) return;
    while (n && n < len && ((unsigned char)bytes[n] & 0xc0) == 0x80) n--;
    memcpy(j->text + j->held, bytes, n);
    j->held += (uint32_t)n;
    j->full = n < len;
}

/* Into a char[N]: whole characters, and a NUL behind. */
static void llmfi_js_copy(llmf_json_stream *s, llmfi_js *j, const char *bytes, size_t len) {
    size_t room = j->field->each ? j->field->each - 1 - j->len : 0, n = len < room ? len : room;
    while (n && n < len && ((unsigned char)bytes[n] & 0xc0) == 0x80) n--;
    if (n < len) {
        j->full = 1;
        s->lost++;
    }
    memcpy(j->at + j->len, bytes, n);
    j->len += n;
    if (j->field->each) j->at[j->len] = '\0';
}

/* A piece of a key or a text, decoded, in whole characters: the tap of llmfi_out. */
static void llmfi_js_piece(void *user, const char *bytes, size_t len) {
    llmf_json_stream *s = (llmf_json_stream *)user;
    llmfi_js *j = (llmfi_js *)(void *)s->room;
    if (j->is_key || (j->field && j->field->kind == LLMF_KIND_ENUM)) llmfi_js_hold(j, bytes, len);
    else if (j->field && !j->full) llmfi_js_copy(s, j, bytes, len);
    if (!j->is_key && s->on_value) s->on_value(s->user, j->path, LLMF_KIND_STRING, llmfi_str(bytes, len), 0);
}

static void llmfi_js_text(llmf_json_stream *s, llmfi_js *j, llmf_str raw, bool last) {
    llmfi_out o;
    llmfi_out_count(&o);
    o.tap = llmfi_js_piece;
    o.tap_user = s;
    if (j->high) LLMFI_PUT(&o, LLMFI_UTF8_BAD);
    j->high = 0;
    llmfi_utf8_feed(&j->utf8, raw, &o);
    if (last) llmfi_utf8_end(&j->utf8, &o);
}

/* A character that was written as an escape. */
static void llmfi_js_escaped(llmf_json_stream *s, llmfi_js *j, uint32_t cp) {
    char bytes[4];
    uint32_t high = j->high;
    if (high && cp >= 0xdc00 && cp < 0xe000) {
        cp = 0x10000 + ((high - 0xd800) << 10) + (cp - 0xdc00);
        j->high = 0;
    }
    llmfi_js_text(s, j, llmfi_str("", 0), true); /* what was cut before it stays cut */
    if (cp >= 0xd800 && cp < 0xdc00) j->high = cp;
    else llmfi_js_text(s, j, llmfi_str(bytes, llmfi_utf8_encode(bytes, cp)), false);
}

/* The member whose key has ended: what it is for. */
static void llmfi_js_member(llmfi_js *j) {
    const llmfi_js_level *up = llmfi_js_inner(j);
    const llmf_field *f = up ? up->fields : NULL;
    llmf_str key = llmfi_str(j->text, j->held);
    j->state = LLMFI_JS_COLON;
    if (up) llmfi_js_path(j, up, key);
    for (; f && f->name; f++)
        if (!j->full && llmfi_eq(llmfi_cstr(f->name), key)) break;
    j->field = f && f->name ? f : NULL;
    j->at = j->field ? up->base + f->offset : NULL;
    j->item = 0;
}

static bool llmfi_js_string_end(llmf_json_stream *s, llmfi_js *j) {
    llmfi_js_text(s, j, llmfi_str("", 0), true);
    if (!j->is_key) return llmfi_js_scalar(s, j, LLMF_KIND_STRING, llmfi_str("", 0));
    llmfi_js_member(j);
    return true;
}

static bool llmfi_js_string_begin(llmf_json_stream *s, llmfi_js *j, bool key) {
    j->is_key = key;
    j->state = LLMFI_JS_STRING;
    j->held = 0;
    j->len = j->full = 0;
    if (key || !j->field) return true;
    if ((j->field->kind != LLMF_KIND_STRING && j->field->kind != LLMF_KIND_ENUM) || (j->field->array && !j->item)) return llmfi_js_fail(s, j, LLMF_ERR_SCHEMA, "text stands where none is expected");
    if (j->field->kind == LLMF_KIND_STRING && j->field->each) j->at[0] = '\0';
    return true;
}

/* ---- structure ---- */

/* A value begins: where it is an item, its place. */
static void llmfi_js_item(llmf_json_stream *s, llmfi_js *j) {
    llmfi_js_level *up = llmfi_js_inner(j);
    if (!j->depth || llmfi_js_in_object(j)) return;
    j->field = NULL;
    if (!up) return;
    llmfi_js_path(j, up, llmfi_str("", 0));
    if (!up->array) return;
    if (!up->array->each || up->index >= up->array->size / up->array->each) {
        s->lost++;
        return;
    }
    j->field = up->array;
    j->at = up->base + up->index * up->array->each;
    j->item = 1;
    *up->count = (size_t)up->index + 1;
}

static bool llmfi_js_open(llmf_json_stream *s, llmfi_js *j, bool object) {
    const llmf_field *f = j->field;
    llmfi_js_level *up, *in;
    if (f && (object ? f->kind != LLMF_KIND_OBJECT || (f->array && !j->item) : !f->array || j->item))
        return llmfi_js_fail(s, j, LLMF_ERR_SCHEMA, object ? "an object stands where none is expected" : "an array stands where none is expected");
    if (j->depth == LLMFI_JS_DEPTH || (f && j->depth == LLMFI_JS_LEVELS)) return llmfi_js_fail(s, j, LLMF_ERR_LIMIT, "nested too deeply");
    up = llmfi_js_inner(j);
    j->depth++;
    j->objects[(j->depth - 1) / 64] &= ~(UINT64_C(1) << ((j->depth - 1) % 64));
    j->objects[(j->depth - 1) / 64] |= (uint64_t)object << ((j->depth - 1) % 64);
    j->state = object ? LLMFI_JS_FIRST_KEY : LLMFI_JS_FIRST;
    in = llmfi_js_inner(j);
    if (!in) return true;
    memset(in, 0, sizeof *in);
    in->path = j->path_len;
    if (j->depth == 1) {
        in->fields = s->to ? s->fields : NULL;
        in->base = (char *)s->to;
    } else if (f) {
        in->base = j->at;
        if (object) in->fields = f->fields;
        else in->array = f;
        if (!object && up) {
            in->count = (size_t *)(void *)(up->base + f->count);
            *in->count = 0;
        }
    }
    return true;
}

static bool llmfi_js_close(llmf_json_stream *s, llmfi_js *j, bool object) {
    const llmfi_js_level *up;
    if (!j->depth || llmfi_js_in_object(j) != object) return llmfi_js_fail(s, j, LLMF_ERR_SCHEMA, "a bracket closes what is not open");
    j->depth--;
    j->state = j->depth ? LLMFI_JS_AFTER : LLMFI_JS_DONE;
    up = llmfi_js_inner(j);
    if (up) j->path_len = up->path;
    else if (!j->depth) j->path_len = 0;
    j->path[j->path_len] = '\0';
    return true;
}

static bool llmfi_js_begin(llmf_json_stream *s, llmfi_js *j, char c) {
    if (c == ']' && j->state == LLMFI_JS_FIRST) return llmfi_js_close(s, j, false);
    llmfi_js_item(s, j);
    if (c == '{' || c == '[') return llmfi_js_open(s, j, c == '{');
    if (c == '"') return llmfi_js_string_begin(s, j, false);
    j->held = 0;
    j->full = 0;
    llmfi_js_hold(j, &c, 1);
    if (c == '-' || llmfi_is_digit(c)) j->state = LLMFI_JS_NUMBER;
    else if (c == 't' || c == 'f' || c == 'n') j->state = LLMFI_JS_WORD;
    else return llmfi_js_fail(s, j, LLMF_ERR_SCHEMA, "a value is expected");
    return true;
}

static bool llmfi_js_after(llmf_json_stream *s, llmfi_js *j, char c) {
    llmfi_js_level *in = llmfi_js_inner(j);
    if (c == '}' || c == ']') return llmfi_js_close(s, j, c == '}');
    if (c != ',') return llmfi_js_fail(s, j, LLMF_ERR_SCHEMA, "a comma or a closing bracket is expected");
    if (in) in->index++;
    j->state = llmfi_js_in_object(j) ? LLMFI_JS_KEY : LLMFI_JS_VALUE;
    return true;
}

/* ---- bytes ---- */

/* From p on as much as is plain text, an escape, or the closing quote. */
static bool llmfi_js_in_string(llmf_json_stream *s, llmfi_js *j, const char **p, const char *end) {
    const char *from = *p;
    while (*p < end && **p != '"' && **p != '\\' && (unsigned char)**p >= 0x20) ++*p;
    if (*p > from) llmfi_js_text(s, j, llmfi_range(from, *p), false);
    if (*p == end) return true;
    if (**p == '\\') j->state = LLMFI_JS_ESCAPE;
    else if (**p == '"') return ++*p, llmfi_js_string_end(s, j);
    else return llmfi_js_fail(s, j, LLMF_ERR_SCHEMA, "a control character must be escaped");
    ++*p;
    return true;
}

static bool llmfi_js_escape(llmf_json_stream *s, llmfi_js *j, char c) {
    static const char plain[] = "\"\"\\\\//b\bf\fn\nr\rt\t";
    size_t i;
    j->state = LLMFI_JS_STRING;
    if (c == 'u') {
        j->state = LLMFI_JS_HEX;
        j->digits = 0;
        j->unit = 0;
        return true;
    }
    for (i = 0; i + 1 < sizeof plain; i += 2)
        if (c == plain[i]) return llmfi_js_escaped(s, j, (unsigned char)plain[i + 1]), true;
    return llmfi_js_fail(s, j, LLMF_ERR_SCHEMA, "unknown escape");
}

static bool llmfi_js_hex(llmf_json_stream *s, llmfi_js *j, char c) {
    if (llmfi_hex(c) > 15) return llmfi_js_fail(s, j, LLMF_ERR_SCHEMA, "four hexadecimal digits are expected");
    j->unit = j->unit << 4 | llmfi_hex(c);
    if (++j->digits < 4) return true;
    j->state = LLMFI_JS_STRING;
    llmfi_js_escaped(s, j, j->unit);
    return true;
}

static bool llmfi_js_number_end(llmf_json_stream *s, llmfi_js *j) {
    llmf_str text = llmfi_str(j->text, j->held);
    llmfi_json check;
    if (j->full) return llmfi_js_fail(s, j, LLMF_ERR_LIMIT, "a number of more than 64 characters");
    llmfi_json_init(&check, text, true);
    if (llmfi_json_next(&check) != LLMFI_J_NUMBER || llmfi_json_next(&check) != LLMFI_J_END) return llmfi_js_fail(s, j, LLMF_ERR_SCHEMA, "a number is malformed");
    return llmfi_js_scalar(s, j, LLMF_KIND_DOUBLE, text);
}

static bool llmfi_js_word(llmf_json_stream *s, llmfi_js *j, char c) {
    llmf_str word = j->text[0] == 't' ? LLMFI_LIT("true") : j->text[0] == 'f' ? LLMFI_LIT("false") : LLMFI_LIT("null");
    if (word.ptr[j->held] != c) return llmfi_js_fail(s, j, LLMF_ERR_SCHEMA, "a value is expected: null, true, false, or text in quotes");
    llmfi_js_hold(j, &c, 1);
    return j->held < word.len || llmfi_js_scalar(s, j, word.ptr[0] == 'n' ? LLMF_KIND_NULL : LLMF_KIND_BOOL, word);
}

/* One byte that is not in text. */
static bool llmfi_js_byte(llmf_json_stream *s, llmfi_js *j, char c) {
    if (j->state == LLMFI_JS_NUMBER) {
        if (llmfi_is_digit(c) || c == '.' || c == '-' || c == '+' || (c | 32) == 'e') return llmfi_js_hold(j, &c, 1), true;
        if (!llmfi_js_number_end(s, j)) return false;
    }
    switch (j->state) {
    case LLMFI_JS_SEEK: return c == '{' || (c == '[' && !s->fields) ? llmfi_js_open(s, j, c == '{') : true;
    case LLMFI_JS_ESCAPE: return llmfi_js_escape(s, j, c);
    case LLMFI_JS_HEX: return llmfi_js_hex(s, j, c);
    case LLMFI_JS_WORD: return llmfi_js_word(s, j, c);
    default: break;
    }
    if (llmfi_is_space(c)) return true;
    switch (j->state) {
    case LLMFI_JS_COLON:
        j->state = LLMFI_JS_VALUE;
        return c == ':' || llmfi_js_fail(s, j, LLMF_ERR_SCHEMA, ": is expected");
    case LLMFI_JS_FIRST_KEY: case LLMFI_JS_KEY:
        if (c == '}' && j->state == LLMFI_JS_FIRST_KEY) return llmfi_js_close(s, j, true);
        return c == '"' ? llmfi_js_string_begin(s, j, true) : llmfi_js_fail(s, j, LLMF_ERR_SCHEMA, "a key in quotes is expected");
    case LLMFI_JS_AFTER: return llmfi_js_after(s, j, c);
    default: return llmfi_js_begin(s, j, c);
    }
}

LLMF_API int llmf_json_feed(llmf_json_stream *s, llmf_str piece) {
    llmfi_js *j = (llmfi_js *)(void *)s->room;
    const char *p = piece.ptr, *end = piece.ptr + piece.len;
    s->path = j->path;
    while (p < end && j->code == LLMF_OK && j->state != LLMFI_JS_DONE) {
        if (j->state == LLMFI_JS_STRING) (void)llmfi_js_in_string(s, j, &p, end);
        else (void)llmfi_js_byte(s, j, *p++);
    }
    return j->code != LLMF_OK ? -j->code : j->state == LLMFI_JS_DONE;
}

/* ---- the schema of a table ---- */

static void llmfi_field_words(llmfi_jw *w, llmf_str rest) {
    llmfi_jw_key(w, "enum");
    llmfi_jw_array(w);
    for (;;) {
        size_t n = llmfi_find_char(rest, '|');
        llmfi_jw_str(w, llmfi_str(rest.ptr, n == LLMFI_NOWHERE ? rest.len : n));
        if (n == LLMFI_NOWHERE) break;
        rest = llmfi_from(rest, n + 1);
    }
    llmfi_jw_array_end(w);
}

static void llmfi_fields_schema(llmfi_jw *w, const llmf_field *fields, int depth);

static void llmfi_field_schema(llmfi_jw *w, const llmf_field *f, bool array, int depth) {
    static const char types[] = "null\0string\0integer\0number\0boolean\0string\0object\0";
    if (!array && f->kind == LLMF_KIND_OBJECT) {
        llmfi_fields_schema(w, f->fields, depth);
        return;
    }
    llmfi_jw_object(w);
    llmfi_jw_member_cstr(w, "type", array ? "array" : f->kind > 0 && f->kind < LLMF_KIND_OBJECT ? llmfi_word_at(types, f->kind) : "null");
    if (!array && f->kind == LLMF_KIND_ENUM) llmfi_field_words(w, llmfi_cstr(f->words));
    if (array) {
        llmfi_jw_key(w, "items");
        llmfi_field_schema(w, f, false, depth);
    }
    llmfi_jw_object_end(w);
}

static void llmfi_fields_schema(llmfi_jw *w, const llmf_field *fields, int depth) {
    const llmf_field *f;
    llmfi_jw_object(w);
    llmfi_jw_member_cstr(w, "type", "object");
    llmfi_jw_key(w, "properties");
    llmfi_jw_object(w);
    for (f = fields; f && f->name && depth < LLMFI_JS_LEVELS; f++) {
        llmfi_jw_key_str(w, llmfi_cstr(f->name));
        llmfi_field_schema(w, f, f->array != 0, depth + 1);
    }
    llmfi_jw_object_end(w);
    llmfi_jw_key(w, "required");
    llmfi_jw_array(w);
    for (f = fields; f && f->name && depth < LLMFI_JS_LEVELS; f++) llmfi_jw_str(w, llmfi_cstr(f->name));
    llmfi_jw_array_end(w);
    llmfi_jw_member_bool(w, "additionalProperties", false);
    llmfi_jw_object_end(w);
}

LLMF_API size_t llmf_json_schema(const llmf_field *fields, char *out, size_t cap) {
    llmfi_out o;
    llmfi_jw w;
    llmfi_out_window(&o, out, cap ? cap - 1 : 0, 0);
    if (!out) o.ptr = NULL;
    llmfi_jw_init(&w, &o);
    llmfi_fields_schema(&w, fields, 0);
    if (out && cap) out[o.len] = '\0';
    return (size_t)o.total;
}

#else

LLMF_API int llmf_json_feed(llmf_json_stream *s, llmf_str piece) {
    (void)piece;
    s->error = "left out of this build: LLMF_NO_STRUCTURED";
    s->path = "";
    return -LLMF_ERR_NOT_BUILT;
}

LLMF_API size_t llmf_json_schema(const llmf_field *fields, char *out, size_t cap) {
    (void)fields;
    if (out && cap) out[0] = '\0';
    return 0;
}

#endif
#endif
