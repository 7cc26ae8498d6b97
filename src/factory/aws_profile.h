/* The files ~/.aws/config and ~/.aws/credentials ("AWS SDKs and Tools reference guide", shared config and credentials files), read property by property:

   [profile name]            in the config file; [default] there, and [name] in the credentials file, stand without the word
   key = value   # comment   a comment stands behind a blank; names are compared without case
     more of the value       a line that begins with a blank goes on with the one before. Behind an empty value it is `name = value` of its own

   A section or property whose name no file may have is passed over; a line that is neither is an error. */
#ifndef LLMFI_FACTORY_AWS_PROFILE_H
#define LLMFI_FACTORY_AWS_PROFILE_H
#include "../base/mem.h"
#include "../wire/url.h"

enum { LLMFI_PROFILE_ERROR = -1, LLMFI_PROFILE_END, LLMFI_PROFILE_SECTION, LLMFI_PROFILE_PROPERTY };
enum { LLMFI_SECTION_NONE, LLMFI_SECTION_OTHER, LLMFI_SECTION_PROFILE, LLMFI_SECTION_SSO }; /* _OTHER: of no interest, or with a name that none may have */

typedef struct llmfi_profile_reader {
    llmf_str text;                           /* what is still to be read */
    bool config;                             /* the config file; else the credentials file */
    bool prefixed;                           /* it has a [profile default], so that its [default] does not count */
    uint32_t line;                           /* of what was read last, from 1 */
    const char *error;                       /* static; NULL: memory ran out */
    int section;                             /* LLMFI_SECTION_… */
    llmf_str name;                           /* of the section */
    llmf_str key, value;                     /* of the property; until the next call. key: as it is spelt */
    llmfi_buf joined;                        /* a value of several lines */
} llmfi_profile_reader;

/* ---- lines ---- */

/* The next line that is neither blank nor a comment, without its end; *indented: it began with a blank. False: there is none. */
static bool llmfi_profile_line(llmfi_profile_reader *p, llmf_str *line, bool *indented) {
    while (p->text.len) {
        size_t lf = llmfi_find_char(p->text, '\n');
        llmf_str s = llmfi_str(p->text.ptr, lf == LLMFI_NOWHERE ? p->text.len : lf);
        p->text = llmfi_from(p->text, lf == LLMFI_NOWHERE ? s.len : lf + 1);
        p->line++;
        *indented = s.len && (s.ptr[0] == ' ' || s.ptr[0] == '\t');
        *line = llmfi_trim(s);
        if (line->len && line->ptr[0] != '#' && line->ptr[0] != ';') return true;
    }
    return false;
}

static bool llmfi_profile_name_ok(llmf_str name) {
    size_t i;
    for (i = 0; i < name.len; i++)
        if (!llmfi_char_is(name.ptr[i], LLMFI_CHAR_ALNUM) && (!name.ptr[i] || !llmfi_strchr("-/.%@_:+", name.ptr[i]))) return false;
    return name.len > 0;
}

static bool llmfi_profile_fail(llmfi_profile_reader *p, const char *what) {
    p->error = what;
    return false;
}

/* "word name": the name. False: it does not begin with that word and a blank. */
static bool llmfi_profile_after(llmf_str s, llmf_str word, llmf_str *name) {
    if (!llmfi_starts(s, word) || s.len == word.len || !llmfi_is_space(s.ptr[word.len])) return false;
    *name = llmfi_trim(llmfi_from(s, word.len));
    return true;
}

/* What stands between the brackets. prefixed: [profile default] is in the file. */
static int llmfi_profile_section(const llmfi_profile_reader *p, llmf_str s, llmf_str *name) {
    *name = s;
    if (!p->config) return llmfi_profile_name_ok(s) ? LLMFI_SECTION_PROFILE : LLMFI_SECTION_OTHER;
    if (LLMFI_IS(s, "default")) return p->prefixed ? LLMFI_SECTION_OTHER : LLMFI_SECTION_PROFILE;
    if (llmfi_profile_after(s, LLMFI_LIT("profile"), name) && llmfi_profile_name_ok(*name)) return LLMFI_SECTION_PROFILE;
    if (llmfi_profile_after(s, LLMFI_LIT("sso-session"), name) && llmfi_profile_name_ok(*name)) return LLMFI_SECTION_SSO;
    return LLMFI_SECTION_OTHER;
}

/* "[name] # comment": what stands between the brackets. */
static bool llmfi_profile_brackets(llmf_str line, llmf_str *inside) {
    size_t i = 0;
    while (i < line.len && line.ptr[i] != '#' && line.ptr[i] != ';') i++;
    line = llmfi_trim(llmfi_str(line.ptr, i));
    if (line.len < 2 || line.ptr[line.len - 1] != ']') return false;
    *inside = llmfi_trim(llmfi_str(line.ptr + 1, line.len - 2));
    return true;
}

/* A comment behind a blank is no part of a value. */
static llmf_str llmfi_profile_value(llmf_str s) {
    size_t i;
    for (i = 1; i < s.len; i++)
        if ((s.ptr[i] == '#' || s.ptr[i] == ';') && llmfi_is_space(s.ptr[i - 1])) return llmfi_trim(llmfi_str(s.ptr, i));
    return llmfi_trim(s);
}

/* ---- the reader ---- */

/* text: stays the caller's as long as it is read. */
LLMFI_UNUSED static void llmfi_profile_begin(llmfi_profile_reader *p, llmfi_heap *heap, llmf_str text, bool config) {
    llmf_str line, inside, name;
    bool indented;
    memset(p, 0, sizeof *p);
    llmfi_buf_init(&p->joined, heap, 0);
    if (llmfi_starts(text, LLMFI_LIT("\xEF\xBB\xBF"))) text = llmfi_from(text, 3);
    p->config = config;
    p->text = text;
    while (config && llmfi_profile_line(p, &line, &indented))
        if (!indented && line.ptr[0] == '[' && llmfi_profile_brackets(line, &inside) && llmfi_profile_after(inside, LLMFI_LIT("profile"), &name) &&
            LLMFI_IS(name, "default"))
            p->prefixed = true;
    p->text = text;
    p->line = 0;
}

/* Values may be secrets. */
LLMFI_UNUSED static void llmfi_profile_free(llmfi_profile_reader *p) {
    llmfi_wipe(llmfi_str(p->joined.ptr, p->joined.cap));
    llmfi_buf_free(&p->joined);
}

/* "key = value". sub: it belongs to the empty value before it. */
static bool llmfi_profile_property(llmfi_profile_reader *p, llmf_str line, bool sub, llmf_str *key, llmf_str *value) {
    size_t equals = llmfi_find_char(line, '=');
    if (equals == LLMFI_NOWHERE) return llmfi_profile_fail(p, sub ? "Expected an '=' sign defining a sub-property" : "Expected an '=' sign defining a property");
    *key = llmfi_trim(llmfi_str(line.ptr, equals));
    *value = llmfi_profile_value(llmfi_from(line, equals + 1));
    return key->len || llmfi_profile_fail(p, sub ? "Sub-property did not have a name" : "Property did not have a name");
}

static bool llmfi_profile_join(llmfi_profile_reader *p, llmf_str more) {
    return (llmfi_buf_add(&p->joined, "\n", 1) && llmfi_buf_add(&p->joined, more.ptr, more.len)) || llmfi_profile_fail(p, NULL);
}

/* Takes the lines that go on with the property. */
static bool llmfi_profile_rest(llmfi_profile_reader *p) {
    llmf_str line, key, value;
    bool indented, sub = !p->value.len;
    p->joined.len = 0;
    for (;;) {
        llmfi_profile_reader before = *p;
        if (!llmfi_profile_line(p, &line, &indented) || !indented) {
            p->text = before.text;
            p->line = before.line;
            break;
        }
        if (sub && !llmfi_profile_property(p, line, true, &key, &value)) return false;
        if (!p->joined.len && !llmfi_buf_add(&p->joined, p->value.ptr, p->value.len)) return llmfi_profile_fail(p, NULL);
        if (!llmfi_profile_join(p, line)) return false;
    }
    if (p->joined.len) p->value = llmfi_buf_str(&p->joined);
    return true;
}

/* LLMFI_PROFILE_SECTION: a profile (or SSO session) of that name begins; _PROPERTY: one of it; _END; _ERROR: `error` and `line` say what and where. */
LLMFI_UNUSED static int llmfi_profile_next(llmfi_profile_reader *p) {
    llmf_str line, inside;
    bool indented;
    while (llmfi_profile_line(p, &line, &indented)) {
        if (!indented && line.ptr[0] == '[') {
            if (!llmfi_profile_brackets(line, &inside)) return llmfi_profile_fail(p, "Profile definition must end with ']'"), LLMFI_PROFILE_ERROR;
            p->section = llmfi_profile_section(p, inside, &p->name);
            if (p->section != LLMFI_SECTION_OTHER) return LLMFI_PROFILE_SECTION;
            continue;
        }
        if (p->section == LLMFI_SECTION_NONE) return llmfi_profile_fail(p, "Expected a profile definition"), LLMFI_PROFILE_ERROR;
        if (indented) return llmfi_profile_fail(p, "Expected a property definition, found continuation"), LLMFI_PROFILE_ERROR;
        if (!llmfi_profile_property(p, line, false, &p->key, &p->value) || !llmfi_profile_rest(p)) return LLMFI_PROFILE_ERROR;
        if (p->section != LLMFI_SECTION_OTHER && llmfi_profile_name_ok(p->key)) return LLMFI_PROFILE_PROPERTY;
    }
    return LLMFI_PROFILE_END;
}

#endif
