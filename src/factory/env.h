/* Variables: the environment's, and those of a .env file where the environment has none. Their values are never printed and are wiped at the end. */
#ifndef LLMFI_FACTORY_ENV_H
#define LLMFI_FACTORY_ENV_H
#include "../base/text.h"
#include "report.h"
#include "sources.h"
#if LLMF_HAS_ENV
#include <stdlib.h>
#endif

#define LLMFI_VARIABLE_MAX 128               /* bytes of a variable's name */

typedef struct llmfi_env {
    const llmf_desc *desc;
    llmfi_buf file;                          /* the .env file, rewritten in place as NAME NUL value NUL ... */
} llmfi_env;

/* Overwrites a secret; the compiler may not leave it out. */
static void llmfi_env_wipe(char *at, size_t len) {
#if LLMFI_SMALL
    volatile char *p = at;
    while (len--) *p++ = 0;
#else
    llmfi_wipe(llmfi_str(at, len));
#endif
}

static bool llmfi_is_variable_char(char c, bool first) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || (!first && llmfi_is_digit(c));
}

LLMFI_UNUSED static bool llmfi_is_variable(llmf_str s) {
    size_t i;
    for (i = 0; i < s.len; i++)
        if (!llmfi_is_variable_char(s.ptr[i], i == 0)) return false;
    return s.len > 0 && s.len < LLMFI_VARIABLE_MAX;
}

#if LLMF_HAS_FILES

/* ---- .env files ---- */

typedef struct llmfi_dotenv {
    llmfi_report *report;
    llmf_str name, text;                     /* the file's name, and what is in it */
    size_t at, out;                          /* next byte to read; next to write: never past `at` */
    uint32_t line;                           /* of `at`, from 1 */
    size_t bol;                              /* where the line of the entry under way begins */
    char *to;
} llmfi_dotenv;

static bool llmfi_dotenv_more(const llmfi_dotenv *d) {
    return d->at < d->text.len;
}

static bool llmfi_dotenv_is(const llmfi_dotenv *d, char c) {
    return llmfi_dotenv_more(d) && d->text.ptr[d->at] == c;
}

static void llmfi_dotenv_blanks(llmfi_dotenv *d) {
    while (llmfi_dotenv_is(d, ' ') || llmfi_dotenv_is(d, '\t')) d->at++;
}

static bool llmfi_dotenv_line_end(const llmfi_dotenv *d) {
    return !llmfi_dotenv_more(d) || llmfi_dotenv_is(d, '\n') || llmfi_dotenv_is(d, '\r');
}

static void llmfi_dotenv_skip_line(llmfi_dotenv *d) {
    while (llmfi_dotenv_more(d) && d->text.ptr[d->at++] != '\n') {}
    d->line++;
}

static char llmfi_dotenv_escape(char c) {
    return (char)(c == 'n' ? '\n' : c == 'r' ? '\r' : c == 't' ? '\t' : c);
}

/* Behind the opening quote; may go over several lines. Escapes only between double quotes. False where it does not end. */
static bool llmfi_dotenv_quoted(llmfi_dotenv *d, char quote) {
    while (llmfi_dotenv_more(d)) {
        char c = d->text.ptr[d->at++];
        if (c == quote) return true;
        if (c == '\n') d->line++;
        if (c == '\\' && quote == '"' && llmfi_dotenv_more(d)) c = llmfi_dotenv_escape(d->text.ptr[d->at++]);
        d->to[d->out++] = c;
    }
    return false;
}

/* To the end of the line or a # that blanks stand before; blanks around it do not count. */
static void llmfi_dotenv_plain(llmfi_dotenv *d) {
    size_t from = d->at, end;
    while (!llmfi_dotenv_line_end(d)) {
        if (llmfi_dotenv_is(d, '#') && (d->at == from || d->text.ptr[d->at - 1] == ' ' || d->text.ptr[d->at - 1] == '\t')) break;
        d->at++;
    }
    for (end = d->at; end > from && (d->text.ptr[end - 1] == ' ' || d->text.ptr[end - 1] == '\t'); end--) {}
    memmove(d->to + d->out, d->text.ptr + from, end - from);
    d->out += end - from;
}

static const char *llmfi_dotenv_value(llmfi_dotenv *d) {
    char quote = llmfi_dotenv_is(d, '"') ? '"' : llmfi_dotenv_is(d, '\'') ? '\'' : '\0';
    if (!quote) {
        llmfi_dotenv_plain(d);
    } else {
        d->at++;
        if (!llmfi_dotenv_quoted(d, quote)) return "a quote that is not closed; close it on this line or a later one";
        llmfi_dotenv_blanks(d);
    }
    if (!llmfi_dotenv_line_end(d) && !llmfi_dotenv_is(d, '#')) return "text behind the closing quote; quote the whole value, or begin a comment with #";
    return NULL;
}

/* NAME=value to the end of its line. */
static void llmfi_dotenv_entry(llmfi_dotenv *d) {
    size_t from = d->at, was = d->out, at;
    uint32_t line = d->line;
    llmf_str name;
    const char *what = NULL;
    while (llmfi_dotenv_more(d) && llmfi_is_variable_char(d->text.ptr[d->at], d->at == from)) d->at++;
    name = llmfi_str(d->text.ptr + from, d->at - from);
    llmfi_dotenv_blanks(d);
    at = d->at;
    if (!llmfi_is_variable(name)) {
        what = "no variable's name; write NAME=value with letters, digits and _ in the name";
    } else if (!llmfi_dotenv_is(d, '=')) {
        what = "no = behind the variable's name; write NAME=value";
    } else {
        memmove(d->to + d->out, name.ptr, name.len);
        d->out += name.len;
        d->to[d->out++] = '\0';
        d->at++;
        llmfi_dotenv_blanks(d);
        at = d->at;
        what = llmfi_dotenv_value(d);
    }
    llmfi_dotenv_skip_line(d);
    if (!what) {
        d->to[d->out++] = '\0'; /* into the line's end, which has been read by now */
        return;
    }
    d->out = was;
    llmfi_report_at(d->report, d->name, line, (uint32_t)(at - d->bol) + 1, what);
}

/* Lines that are wrong are reported and left out. */
static void llmfi_dotenv_read(llmfi_env *env, llmf_str file, llmfi_report *report) {
    llmfi_dotenv d;
    memset(&d, 0, sizeof d);
    d.report = report;
    d.name = file;
    d.text = llmfi_buf_str(&env->file);
    d.to = env->file.ptr;
    if (llmfi_memchr(d.text.ptr, '\0', d.text.len)) {
        llmfi_report_at(report, file, 1, 1, "a NUL byte in the file; a .env file is plain text");
        env->file.len = 0;
        return;
    }
    d.line = 1;
    if (llmfi_starts(d.text, LLMFI_LIT("\xEF\xBB\xBF"))) d.at = 3;
    while (llmfi_dotenv_more(&d)) {
        d.bol = d.at;
        llmfi_dotenv_blanks(&d);
        if (llmfi_starts(llmfi_from(d.text, d.at), LLMFI_LIT("export ")) || llmfi_starts(llmfi_from(d.text, d.at), LLMFI_LIT("export\t"))) {
            d.at += 7;
            llmfi_dotenv_blanks(&d);
        }
        if (llmfi_dotenv_line_end(&d) || llmfi_dotenv_is(&d, '#')) llmfi_dotenv_skip_line(&d);
        else llmfi_dotenv_entry(&d);
    }
    env->file.len = d.out;
}

/* ---- variables ---- */

LLMFI_UNUSED static void llmfi_env_close(llmfi_env *env) {
    if (env->file.ptr) llmfi_env_wipe(env->file.ptr, env->file.cap);
    llmfi_buf_free(&env->file);
}

static void llmfi_env_problem(void *user, const llmf_error *e, bool warning) {
    llmf_error *first = (llmf_error *)user;
    if (!warning && first->code == LLMF_OK) *first = *e;
}

static bool llmfi_env_memory(llmfi_env *env, llmf_error *err) {
    llmfi_text t = llmfi_error_begin(err, LLMF_ERR_MEMORY);
    LLMFI_SAY(&t, "the memory block is used up by llmf_desc.env_file: raise llmf_desc.memory_size");
    llmfi_env_close(env);
    return false;
}

/* Reads desc->env_file, where one is named. False with *err, its first problem: then nothing is held. *desc must live as long as *env. */
LLMFI_UNUSED static bool llmfi_env_open(llmfi_env *env, llmfi_heap *heap, const llmf_desc *desc, llmf_error *err) {
    llmfi_report report = llmfi_report_to(llmfi_env_problem, err);
    int got;
    memset(env, 0, sizeof *env);
    memset(err, 0, sizeof *err);
    env->desc = desc;
    llmfi_buf_init(&env->file, heap, 0);
    if (!desc->env_file) return true;
    got = llmfi_source_read(llmfi_cstr(desc->env_file), &env->file, &report);
    if (got == LLMFI_SOURCE_MEMORY || (got == LLMFI_SOURCE_READ && !llmfi_buf_reserve(&env->file, 2))) return llmfi_env_memory(env, err);
    if (got == LLMFI_SOURCE_READ && env->file.len) llmfi_dotenv_read(env, llmfi_cstr(desc->env_file), &report);
    if (report.problems == 0) return true;
    llmfi_env_close(env);
    return false;
}

/* The last line of the file that names it counts. */
static const char *llmfi_env_in_file(const llmfi_env *env, llmf_str name) {
    const char *at = env->file.ptr, *end = at ? at + env->file.len : at, *found = NULL;
    while (at < end) {
        size_t len = llmfi_strlen(at);
        const char *value = at + len + 1;
        if (len == name.len && memcmp(at, name.ptr, len) == 0) found = value;
        at = value + llmfi_strlen(value) + 1;
    }
    return found;
}

#else

LLMFI_UNUSED static void llmfi_env_close(llmfi_env *env) {
    (void)env;
}

LLMFI_UNUSED static bool llmfi_env_open(llmfi_env *env, llmfi_heap *heap, const llmf_desc *desc, llmf_error *err) {
    (void)heap;
    memset(env, 0, sizeof *env);
    env->desc = desc;
    return !desc->env_file || llmfi_error_left_out(err, "llmf_desc.env_file", "FILES");
}

LLMFI_UNUSED static const char *llmfi_env_in_file(const llmfi_env *env, llmf_str name) {
    (void)env, (void)name;
    return NULL;
}

#endif

#if LLMFI_HAS_VARIABLES
/* A variable's value, or ptr NULL where it is not set. Valid until the environment changes. */
LLMFI_UNUSED static llmf_str llmfi_env_get(const llmfi_env *env, llmf_str name) {
    char text[LLMFI_VARIABLE_MAX];
    const char *value = NULL;
    if (name.len == 0 || name.len >= sizeof text) return llmfi_str(NULL, 0);
    memcpy(text, name.ptr, name.len);
    text[name.len] = '\0';
    if (env->desc->getenv_fn) {
        if (!env->desc->no_env) value = env->desc->getenv_fn(env->desc->user, text);
#if LLMF_HAS_ENV
    } else if (!env->desc->no_env) {
        value = getenv(text);
#endif
    }
    if (!value) value = llmfi_env_in_file(env, name);
    return value ? llmfi_cstr(value) : llmfi_str(NULL, 0);
}

/* As above, but what is empty counts as not set: keys, addresses, names. */
LLMFI_UNUSED static llmf_str llmfi_env_filled(const llmfi_env *env, llmf_str name) {
    llmf_str value = llmfi_env_get(env, name);
    llmf_str trimmed = value.ptr ? llmfi_trim(value) : value;
    return trimmed.len ? trimmed : llmfi_str(NULL, 0);
}
#else
LLMFI_UNUSED static llmf_str llmfi_env_filled(const llmfi_env *env, llmf_str name) {
    (void)env, (void)name;
    return llmfi_str(NULL, 0);
}
#endif

#endif
