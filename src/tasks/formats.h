/* What models write besides JSON: XML elements, Markdown (sections, fences, tables) and CSV, found in an answer, looked at and walked through by views. Nothing is allocated or built. */
#ifndef LLMFI_TASKS_FORMATS_H
#define LLMFI_TASKS_FORMATS_H
#include "../wire/xml.h"

#if LLMF_HAS_STRUCTURED

/* ---- lines ---- */

/* The line at `at`, without its end; *next is behind that. */
static llmf_str llmfi_line_at(llmf_str text, size_t at, size_t *next) {
    llmf_str rest = llmfi_from(text, at);
    size_t n = llmfi_find_char(rest, '\n');
    *next = n == LLMFI_NOWHERE ? text.len : at + n + 1;
    if (n != LLMFI_NOWHERE) rest.len = n;
    if (rest.len && rest.ptr[rest.len - 1] == '\r') rest.len--;
    return rest;
}

static size_t llmfi_count_front(llmf_str s, char c) {
    size_t n = 0;
    while (n < s.len && s.ptr[n] == c) n++;
    return n;
}

static llmf_str llmfi_unindent(llmf_str line) {
    size_t n = llmfi_count_front(line, ' ');
    return llmfi_from(line, n < 4 ? n : 0);
}

/* Three or more ` or ~ at a line's beginning: how many; 0: it is no fence. */
static size_t llmfi_fence_of(llmf_str line, char *mark) {
    size_t n;
    line = llmfi_unindent(line);
    *mark = line.len ? line.ptr[0] : 0;
    n = *mark == '`' || *mark == '~' ? llmfi_count_front(line, *mark) : 0;
    return n >= 3 ? n : 0;
}

/* From the line behind a fence to the one that closes it: its end, and in *next what is behind it. False: it has none. */
static bool llmfi_fence_end(llmf_str text, size_t at, char mark, size_t marks, size_t *end, size_t *next) {
    for (; at < text.len; at = *next) {
        char c;
        llmf_str line = llmfi_line_at(text, at, next);
        size_t n = llmfi_fence_of(line, &c);
        *end = at;
        if (n >= marks && c == mark && llmfi_trim(llmfi_unindent(line)).len == n) return true;
    }
    *end = *next = text.len;
    return false;
}

/* ---- Markdown ---- */

/* # to ###### and a blank: how many; 0: it is no heading. */
static size_t llmfi_heading_of(llmf_str line, llmf_str *title) {
    size_t n;
    line = llmfi_unindent(line);
    n = llmfi_count_front(line, '#');
    if (!n || n > 6 || (n < line.len && line.ptr[n] != ' ' && line.ptr[n] != '\t')) return 0;
    *title = llmfi_trim(llmfi_from(line, n));
    while (title->len && title->ptr[title->len - 1] == '#') title->len--;
    *title = llmfi_trim(*title);
    return n;
}

/* The next heading at or behind `at` of at most that level, not in a fence: where its line begins; text.len: there is none. */
static size_t llmfi_heading_at(llmf_str text, size_t at, size_t level, size_t *own, llmf_str *title, size_t *behind) {
    size_t next, end;
    for (; at < text.len; at = next) {
        char mark;
        llmf_str line = llmfi_line_at(text, at, &next);
        size_t n = llmfi_fence_of(line, &mark);
        if (n) {
            (void)llmfi_fence_end(text, next, mark, n, &end, &next);
            continue;
        }
        n = llmfi_heading_of(line, title);
        if (!n || n > level) continue;
        *own = n;
        *behind = next;
        return at;
    }
    return text.len;
}

static int llmfi_each_section(llmf_str text, size_t *at, llmf_str *name, llmf_str *value) {
    llmf_str title, other;
    size_t level = 0, behind = 0, own, from = llmfi_heading_at(text, *at, 6, &level, &title, &behind), to;
    bool front = *at == 0 && llmfi_trim(llmfi_str(text.ptr, from)).len > 0;
    if (front) { /* what stands before the first heading */
        *name = llmfi_str("", 0);
        *value = llmfi_trim(llmfi_str(text.ptr, from));
        *at = from;
        return 1;
    }
    if (from == text.len) return 0;
    to = llmfi_heading_at(text, behind, level, &own, &other, &own);
    *name = title;
    *value = llmfi_trim(llmfi_range(text.ptr + behind, text.ptr + to));
    *at = to;
    return 1;
}

static int llmfi_each_fence(llmf_str text, size_t *at, llmf_str *name, llmf_str *value) {
    size_t next, end;
    for (; *at < text.len; *at = next) {
        char mark;
        llmf_str line = llmfi_line_at(text, *at, &next);
        size_t n = llmfi_fence_of(line, &mark), from = next;
        bool closed;
        if (!n) continue;
        closed = llmfi_fence_end(text, next, mark, n, &end, &next);
        *name = llmfi_trim(llmfi_from(llmfi_unindent(line), n));
        *value = llmfi_range(text.ptr + from, text.ptr + (end > from ? end : from));
        *at = next;
        return closed ? 1 : -LLMF_ERR_TRUNCATED;
    }
    return 0;
}

/* ---- cells ---- */

/* The next cell of a row of a Markdown table. False: there is none. */
static bool llmfi_table_cell(llmf_str row, size_t *at, llmf_str *cell) {
    size_t from = *at, end;
    row = llmfi_trim(row);
    if (!from && row.len && row.ptr[0] == '|') from = 1;
    if (from > row.len || (from == row.len && from)) return false;
    for (end = from; end < row.len && row.ptr[end] != '|'; end++) end += row.ptr[end] == '\\' && end + 1 < row.len;
    *cell = llmfi_trim(llmfi_range(row.ptr + from, row.ptr + end));
    *at = end + 1;
    return true;
}

/* Of a row of CSV: where it ends, and whether it was whole: a quote has its end, and behind that a comma or the row's end. */
static size_t llmfi_csv_cell_end(llmf_str row, size_t at, bool *whole) {
    *whole = true;
    if (at < row.len && row.ptr[at] == '"') {
        for (at++; at < row.len; at++) {
            if (row.ptr[at] != '"') continue;
            if (at + 1 == row.len || row.ptr[at + 1] != '"') break;
            at++;
        }
        *whole = at < row.len;
        at += at < row.len;
    }
    while (at < row.len && row.ptr[at] != ',' && row.ptr[at] != '\n') *whole = *whole && (row.ptr[at] == '\r' || row.ptr[at] != '"'), at++;
    return at;
}

static bool llmfi_csv_cell(llmf_str row, size_t *at, llmf_str *cell) {
    bool whole;
    size_t end;
    if (*at > row.len) return false;
    end = llmfi_csv_cell_end(row, *at, &whole);
    *cell = llmfi_range(row.ptr + *at, row.ptr + end);
    *at = end + 1;
    return true;
}

static size_t llmfi_cells(int kind, llmf_str row) {
    llmf_str cell;
    size_t at = 0, n = 0;
    while (kind == LLMF_EACH_CSV ? llmfi_csv_cell(row, &at, &cell) : llmfi_table_cell(row, &at, &cell)) n++;
    return n;
}

/* ---- rows ---- */

/* |---|:--:| below a table's header. */
static bool llmfi_is_rule(llmf_str line) {
    llmf_str cell;
    size_t at = 0, n = 0;
    while (llmfi_table_cell(line, &at, &cell)) {
        size_t i = cell.len && cell.ptr[0] == ':', from = i;
        while (i < cell.len && cell.ptr[i] == '-') i++;
        if (i == from || i + (i < cell.len && cell.ptr[i] == ':') != cell.len) return false;
        n++;
    }
    return n > 0;
}

static int llmfi_row(int kind, llmf_str header, llmf_str row, llmf_str *value) {
    *value = row;
    return llmfi_cells(kind, row) == llmfi_cells(kind, header) ? 1 : -LLMF_ERR_SCHEMA;
}

static int llmfi_each_table(llmf_str text, size_t *at, llmf_str *name, llmf_str *value) {
    size_t next, behind;
    llmf_str line, under;
    if (*at && name->len) {
        line = llmfi_line_at(text, *at, &next);
        if (llmfi_find_char(line, '|') != LLMFI_NOWHERE && *at < text.len) {
            *at = next;
            return llmfi_row(LLMF_EACH_TABLE, *name, line, value);
        }
    }
    for (; *at < text.len; *at = next) { /* the next table */
        line = llmfi_line_at(text, *at, &next);
        if (llmfi_find_char(line, '|') == LLMFI_NOWHERE || next >= text.len) continue;
        under = llmfi_line_at(text, next, &behind);
        if (llmfi_find_char(under, '|') == LLMFI_NOWHERE || !llmfi_is_rule(under) || llmfi_cells(LLMF_EACH_TABLE, under) != llmfi_cells(LLMF_EACH_TABLE, line)) continue;
        *name = line;
        *at = behind;
        under = llmfi_line_at(text, behind, &next);
        if (behind >= text.len || llmfi_find_char(under, '|') == LLMFI_NOWHERE) {
            next = behind; /* a table without rows */
            continue;
        }
        *at = next;
        return llmfi_row(LLMF_EACH_TABLE, line, under, value);
    }
    return 0;
}

/* A record, over lines where quotes are. */
static llmf_str llmfi_csv_record(llmf_str text, size_t *at, bool *whole) {
    size_t from = *at;
    bool cell;
    *whole = true;
    for (;;) {
        *at = llmfi_csv_cell_end(text, *at, &cell);
        *whole = *whole && cell;
        if (*at >= text.len || text.ptr[*at] == '\n') break;
        ++*at;
    }
    text = llmfi_range(text.ptr + from, text.ptr + *at);
    ++*at;
    if (text.len && text.ptr[text.len - 1] == '\r') text.len--;
    return text;
}

static int llmfi_each_csv(llmf_str text, size_t *at, llmf_str *name, llmf_str *value) {
    bool whole = true;
    int rc;
    if (!*at) {
        while (*at < text.len && llmfi_is_space(text.ptr[*at])) ++*at;
        if (*at >= text.len) return 0;
        *name = llmfi_csv_record(text, at, &whole);
        if (!whole) return -LLMF_ERR_SCHEMA;
    }
    do {
        if (*at >= text.len) return 0;
        *value = llmfi_csv_record(text, at, &whole);
    } while (!llmfi_trim(*value).len);
    rc = llmfi_row(LLMF_EACH_CSV, *name, *value, value);
    return whole ? rc : -LLMF_ERR_SCHEMA;
}

/* ---- XML ---- */

static bool llmfi_name_byte(char c) {
    return (llmfi_lower(c) >= 'a' && llmfi_lower(c) <= 'z') || llmfi_is_digit(c) || c == '_' || c == '-' || c == '.' || c == ':';
}

/* A tag at the front of `s`: how long it is, 0: it is none. *kind: 1 opens, -1 closes, 0 both. */
static size_t llmfi_tag_of(llmf_str s, llmf_str *name, int *kind) {
    size_t at = 1, from;
    char quote = 0;
    *kind = s.len > 1 && s.ptr[1] == '/' ? -1 : 1;
    at += *kind < 0;
    from = at;
    if (s.len < 3 || s.ptr[0] != '<' || !llmfi_name_byte(s.ptr[at]) || llmfi_is_digit(s.ptr[at]) || s.ptr[at] == '-' || s.ptr[at] == '.') return 0;
    while (at < s.len && llmfi_name_byte(s.ptr[at])) at++;
    *name = llmfi_range(s.ptr + from, s.ptr + at);
    for (; at < s.len && (quote || s.ptr[at] != '>'); at++) {
        if (quote ? s.ptr[at] == quote : s.ptr[at] == '"' || s.ptr[at] == '\'') quote = quote ? (char)0 : s.ptr[at];
        else if (!quote && s.ptr[at] == '<') return 0;
    }
    if (at == s.len) return 0;
    if (s.ptr[at - 1] == '/' && *kind > 0) *kind = 0;
    return at + 1;
}

/* The next tag, past comments and CDATA; text.len: there is none. */
static size_t llmfi_tag_at(llmf_str text, size_t at, llmf_str *name, int *kind, size_t *len) {
    while (at < text.len) {
        llmf_str rest = llmfi_from(text, at);
        size_t n = llmfi_find_char(rest, '<'), aside;
        if (n == LLMFI_NOWHERE) return text.len;
        at += n;
        rest = llmfi_from(text, at);
        aside = llmfi_xml_aside(rest);
        if (aside == LLMFI_NOWHERE) return text.len;
        *len = aside ? 0 : llmfi_tag_of(rest, name, kind);
        if (*len) return at;
        at += aside ? aside : 1;
    }
    return text.len;
}

static int llmfi_each_xml(llmf_str text, size_t *at, llmf_str *name, llmf_str *value) {
    size_t from, len = 0, p, depth = 1;
    llmf_str other;
    int kind = 0;
    do {
        from = llmfi_tag_at(text, *at, name, &kind, &len);
        *at = from == text.len ? text.len : from + len;
    } while (from < text.len && kind < 0); /* what closes nothing is passed over */
    if (from == text.len) return 0;
    *value = llmfi_str(text.ptr + *at, 0);
    if (kind == 0) return 1;
    for (p = *at; depth; p += len) {
        p = llmfi_tag_at(text, p, &other, &kind, &len);
        if (p == text.len) break;
        if (llmfi_eq(other, *name)) depth = kind > 0 ? depth + 1 : kind < 0 ? depth - 1 : depth;
        if (!depth) value->len = (size_t)(text.ptr + p - value->ptr);
    }
    if (depth) {
        *value = llmfi_from(text, *at);
        return -LLMF_ERR_TRUNCATED;
    }
    *at = p;
    return 1;
}

/* ---- the face ---- */

LLMF_API int llmf_text_each(int kind, llmf_str text, size_t *at, llmf_str *name, llmf_str *value) {
    if (*at == 0) *name = llmfi_str("", 0);
    if (*at > text.len) return 0;
    switch (kind) {
    case LLMF_EACH_XML: return llmfi_each_xml(text, at, name, value);
    case LLMF_EACH_SECTION: return llmfi_each_section(text, at, name, value);
    case LLMF_EACH_FENCE: return llmfi_each_fence(text, at, name, value);
    case LLMF_EACH_TABLE: return llmfi_each_table(text, at, name, value);
    case LLMF_EACH_CSV: return llmfi_each_csv(text, at, name, value);
    case LLMF_EACH_TABLE_CELL: return llmfi_table_cell(text, at, value);
    case LLMF_EACH_CSV_CELL: return llmfi_csv_cell(text, at, value);
    default: return -LLMF_ERR_ARGUMENT;
    }
}

LLMF_API size_t llmf_text_decode(int kind, llmf_str raw, char *out, size_t cap) {
    llmfi_out o;
    size_t i;
    llmfi_out_window(&o, out, out && cap ? cap - 1 : 0, 0);
    if (kind == LLMF_EACH_XML && !llmfi_xml_put(&o, raw)) return LLMF_NOT_A_STRING;
    if (kind == LLMF_EACH_CSV_CELL && raw.len > 1 && raw.ptr[0] == '"') {
        raw = llmfi_trim(raw);
        raw = llmfi_str(raw.ptr + 1, raw.len - 1 - (raw.len > 1 && raw.ptr[raw.len - 1] == '"'));
        for (i = 0; i < raw.len; i++) {
            llmfi_put_char(&o, raw.ptr[i]);
            i += raw.ptr[i] == '"' && i + 1 < raw.len && raw.ptr[i + 1] == '"';
        }
    } else if (kind == LLMF_EACH_TABLE_CELL) {
        for (i = 0; i < raw.len; i++) {
            i += raw.ptr[i] == '\\' && i + 1 < raw.len && raw.ptr[i + 1] == '|';
            llmfi_put_char(&o, raw.ptr[i]);
        }
    } else if (kind != LLMF_EACH_XML) {
        llmfi_put_str(&o, raw);
    }
    if (out && cap) out[o.len] = '\0';
    return (size_t)o.total;
}

#else

LLMF_API int llmf_text_each(int kind, llmf_str text, size_t *at, llmf_str *name, llmf_str *value) {
    (void)kind, (void)text, (void)at, (void)name, (void)value;
    return -LLMF_ERR_NOT_BUILT;
}

LLMF_API size_t llmf_text_decode(int kind, llmf_str raw, char *out, size_t cap) {
    (void)kind, (void)raw;
    if (out && cap) out[0] = '\0';
    return LLMF_NOT_A_STRING;
}

#endif
#endif
