/* The XML that AWS answers in: elements, one after the other, out of a whole body; nothing is built or owned, views into the input. Prolog, comments, CDATA and
   references are read; attributes are passed over; a document type is refused, so no entity is anyone's own. Elements nest LLMFI_XML_DEPTH deep at most.

       llmfi_xml_init(&x, body);
       while ((got = llmfi_xml_next(&x)) > LLMFI_XML_END)
           if (got == LLMFI_XML_CLOSE && LLMFI_IS(x.name, "Key")) llmfi_xml_put(out, x.inner);
*/
#ifndef LLMFI_WIRE_XML_H
#define LLMFI_WIRE_XML_H
#include "../base/json.h"
#include "../base/out.h"

enum { LLMFI_XML_ERROR = -1, LLMFI_XML_END, LLMFI_XML_OPEN, LLMFI_XML_CLOSE };
enum { LLMFI_XML_DEPTH = 16 };

typedef struct llmfi_xml {
    llmf_str text;                           /* what is still to be read */
    llmf_str open[LLMFI_XML_DEPTH];          /* names of the elements that are open, as they stand */
    uint32_t depth;
    bool root;                               /* the root has begun */
    bool empty;                              /* <name/>: its end is told next */
    bool leaf;                               /* no other element is in the one that was opened last */
    const char *from;                        /* where its content begins */
    llmf_str name;                           /* of the element that opens or closes, without its prefix */
    llmf_str inner;                          /* CLOSE: the raw content for llmfi_xml_put; empty where other elements are in it */
    const char *error;                       /* static; NULL: none */
} llmfi_xml;

LLMFI_UNUSED static void llmfi_xml_init(llmfi_xml *x, llmf_str text) {
    memset(x, 0, sizeof *x);
    if (llmfi_starts(text, LLMFI_LIT("\xEF\xBB\xBF"))) text = llmfi_from(text, 3);
    x->text = text;
    x->name = x->inner = llmfi_str("", 0);
}

static int llmfi_xml_fail(llmfi_xml *x, const char *what) {
    x->error = what;
    x->text.len = 0;
    return LLMFI_XML_ERROR;
}

/* Offset of `needle` at or behind `at`, or LLMFI_NOWHERE. */
static size_t llmfi_xml_find(llmf_str s, size_t at, llmf_str needle) {
    for (; at < s.len && s.len - at >= needle.len; at++) {
        size_t next = llmfi_find_char(llmfi_from(s, at), needle.ptr[0]);
        if (next == LLMFI_NOWHERE) break;
        at += next;
        if (llmfi_starts(llmfi_from(s, at), needle)) return at;
    }
    return LLMFI_NOWHERE;
}

/* How long what is no element is at the front: a comment, an instruction, CDATA. 0: it is none of them; LLMFI_NOWHERE: it has no end. */
static size_t llmfi_xml_aside(llmf_str s) {
    static const char marks[][2][10] = { { "<!--", "-->" }, { "<?", "?>" }, { "<![CDATA[", "]]>" } };
    size_t i, at;
    for (i = 0; i < LLMFI_COUNT(marks); i++) {
        llmf_str begin = llmfi_cstr(marks[i][0]), end = llmfi_cstr(marks[i][1]);
        if (!llmfi_starts(s, begin)) continue;
        at = llmfi_xml_find(s, begin.len, end);
        return at == LLMFI_NOWHERE ? at : at + end.len;
    }
    return 0;
}

/* The name at the front; empty: there is none. */
static llmf_str llmfi_xml_name(llmf_str s) {
    size_t n = 0;
    while (n < s.len && (unsigned char)s.ptr[n] > ' ' && !llmfi_memchr("/><='\"&", s.ptr[n], 7)) n++;
    return llmfi_str(s.ptr, n);
}

static llmf_str llmfi_xml_local(llmf_str name) {
    size_t colon = llmfi_find_char(name, ':');
    return colon == LLMFI_NOWHERE ? name : llmfi_from(name, colon + 1);
}

/* Offset of the '>' that ends a tag, past attributes whose values are in quotes; LLMFI_NOWHERE: there is none. */
static size_t llmfi_xml_tag_end(llmf_str s) {
    size_t i = 0, quote;
    while (i < s.len && s.ptr[i] != '>' && s.ptr[i] != '<') {
        if (s.ptr[i] == '"' || s.ptr[i] == '\'') {
            quote = llmfi_find_char(llmfi_from(s, i + 1), s.ptr[i]);
            if (quote == LLMFI_NOWHERE) return quote;
            i += quote + 1;
        }
        i++;
    }
    return i < s.len && s.ptr[i] == '>' ? i : LLMFI_NOWHERE;
}

static int llmfi_xml_close(llmfi_xml *x, const char *end) {
    x->name = llmfi_xml_local(x->open[--x->depth]);
    x->inner = x->leaf ? llmfi_range(x->from, end) : llmfi_str("", 0);
    x->leaf = x->empty = false;
    return LLMFI_XML_CLOSE;
}

/* "</name>" is at the front. */
static int llmfi_xml_end_tag(llmfi_xml *x) {
    const char *at = x->text.ptr;
    llmf_str name = llmfi_xml_name(llmfi_from(x->text, 2)), rest = llmfi_from(x->text, 2 + name.len);
    while (rest.len && llmfi_is_space(rest.ptr[0])) rest = llmfi_from(rest, 1);
    if (!rest.len) return llmfi_xml_fail(x, "it ends before its end");
    if (!name.len || rest.ptr[0] != '>' || !x->depth || !llmfi_eq(name, x->open[x->depth - 1])) return llmfi_xml_fail(x, "an element is closed that is not open");
    x->text = llmfi_from(rest, 1);
    return llmfi_xml_close(x, at);
}

/* "<name …>" or "<name …/>" is at the front. */
static int llmfi_xml_tag(llmfi_xml *x) {
    llmf_str name = llmfi_xml_name(llmfi_from(x->text, 1));
    size_t end = llmfi_xml_tag_end(llmfi_from(x->text, 1 + name.len));
    if (!name.len && x->text.len > 1) return llmfi_xml_fail(x, "a '<' that begins no element");
    if (end == LLMFI_NOWHERE) return llmfi_xml_fail(x, "it ends before its end");
    if (!x->depth && x->root) return llmfi_xml_fail(x, "a second root");
    if (x->depth == LLMFI_XML_DEPTH) return llmfi_xml_fail(x, "nested too deeply");
    end += 1 + name.len;
    x->empty = x->text.ptr[end - 1] == '/';
    x->open[x->depth++] = name;
    x->root = x->leaf = true;
    x->name = llmfi_xml_local(name);
    x->inner = llmfi_str("", 0);
    x->text = llmfi_from(x->text, end + 1);
    x->from = x->text.ptr;
    return LLMFI_XML_OPEN;
}

/* LLMFI_XML_OPEN, _CLOSE: `name` opens or closes; _END: the root is closed and nothing follows; _ERROR: `error` says what, and so does each further call. */
LLMFI_UNUSED static int llmfi_xml_next(llmfi_xml *x) {
    if (x->error) return LLMFI_XML_ERROR;
    if (x->empty) return llmfi_xml_close(x, x->from);
    while (x->text.len) {
        size_t aside = x->text.ptr[0] == '<' ? llmfi_xml_aside(x->text) : 0;
        if (aside == LLMFI_NOWHERE) break;
        if (aside && !x->depth && x->text.ptr[1] == '!' && x->text.ptr[2] == '[') return llmfi_xml_fail(x, "text outside of the root");
        if (aside) {
            x->text = llmfi_from(x->text, aside);
        } else if (x->text.ptr[0] != '<') {
            size_t n = x->depth ? llmfi_find_char(x->text, '<') : 1;
            if (!x->depth && !llmfi_is_space(x->text.ptr[0])) return llmfi_xml_fail(x, x->root ? "text behind the root" : "it is no XML");
            x->text = n == LLMFI_NOWHERE ? llmfi_from(x->text, x->text.len) : llmfi_from(x->text, n);
        } else if (x->text.len > 1 && x->text.ptr[1] == '!') {
            return llmfi_xml_fail(x, "a document type, which is not read, or a comment that is none");
        } else {
            return x->text.len > 1 && x->text.ptr[1] == '/' ? llmfi_xml_end_tag(x) : llmfi_xml_tag(x);
        }
    }
    if (x->text.len || x->depth || !x->root) return llmfi_xml_fail(x, "it ends before its end");
    return LLMFI_XML_END;
}

/* ---- text ---- */

/* The character that "&…;" at the front stands for; *n: its length. False: it is none. S3 refers to control characters too, which no XML 1.0 may; what is no
   character at all is U+FFFD. */
static bool llmfi_xml_reference(llmf_str s, uint32_t *cp, size_t *n) {
    static const char names[] = "lt\0gt\0amp\0quot\0apos\0", is[] = "<>&\"'";
    llmf_str name;
    unsigned base = 10, digit;
    size_t i;
    int at;
    *n = llmfi_find_char(llmfi_str(s.ptr, s.len < 16 ? s.len : 16), ';');
    if (*n == LLMFI_NOWHERE) return false;
    name = llmfi_str(s.ptr + 1, *n - 1);
    ++*n;
    at = llmfi_word_in(names, name);
    if (at >= 0) return *cp = (unsigned char)is[at], true;
    if (name.len < 2 || name.ptr[0] != '#') return false;
    if (name.ptr[1] == 'x') base = 16;
    name = llmfi_from(name, base == 16 ? 2 : 1);
    for (i = 0, *cp = 0; i < name.len; i++) {
        digit = llmfi_hex(name.ptr[i]);
        if (digit >= base) return false;
        if (*cp < 0x110000) *cp = *cp * base + digit;
    }
    if (!*cp) *cp = 0xfffd;
    return name.len > 0;
}

/* Puts the text that raw content stands for: references and CDATA decoded, comments left out, line ends as one LF, bad UTF-8 as U+FFFD. False: a reference in it is
   none, and what was put is of no use. */
LLMFI_UNUSED static bool llmfi_xml_put(llmfi_out *o, llmf_str raw) {
    static const char marks[] = "<&\r";
    llmfi_utf8 clean;
    memset(&clean, 0, sizeof clean);
    while (raw.len) {
        size_t n = 0;
        char one[4];
        uint32_t cp;
        while (n < raw.len && !llmfi_memchr(marks, raw.ptr[n], 3)) n++;
        if (n) {
            llmfi_utf8_feed(&clean, llmfi_str(raw.ptr, n), o);
        } else if (raw.ptr[0] == '\r') {
            n = raw.len > 1 && raw.ptr[1] == '\n' ? 2 : 1;
            llmfi_utf8_feed(&clean, LLMFI_LIT("\n"), o);
        } else if (raw.ptr[0] == '&') {
            if (!llmfi_xml_reference(raw, &cp, &n)) return false;
            llmfi_utf8_feed(&clean, llmfi_str(one, llmfi_utf8_encode(one, cp)), o);
        } else {
            n = llmfi_xml_aside(raw);
            if (!n || n == LLMFI_NOWHERE) return false;
            if (llmfi_starts(raw, LLMFI_LIT("<![CDATA["))) llmfi_utf8_feed(&clean, llmfi_str(raw.ptr + 9, n - 12), o);
        }
        raw = llmfi_from(raw, n);
    }
    llmfi_utf8_end(&clean, o);
    return true;
}

#endif
