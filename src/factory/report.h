/* Problems of config files and variables, told one by one as they are found: "file:line:column: error: what; what to do". Never the value of anything. */
#ifndef LLMFI_FACTORY_REPORT_H
#define LLMFI_FACTORY_REPORT_H
#include "../base/text.h"

/* A warning is no problem: the config is still valid. */
typedef void (*llmfi_report_fn)(void *user, const llmf_error *error, bool warning);

typedef struct llmfi_report {
    llmfi_report_fn say;                     /* NULL: counts only */
    void *user;
    size_t problems;                         /* warnings not among them */
} llmfi_report;

LLMFI_UNUSED static llmfi_report llmfi_report_to(llmfi_report_fn say, void *user) {
    llmfi_report r;
    r.say = say;
    r.user = user;
    r.problems = 0;
    return r;
}

/* A path of any length leaves room for the rest of the sentence. */
static void llmfi_say_path(llmfi_text *t, llmf_str path) {
    const size_t most = 160;
    if (path.len > most) {
        LLMFI_SAY(t, "...");
        path = llmfi_from(path, path.len - most);
        while (path.len && ((unsigned char)path.ptr[0] & 0xC0) == 0x80) path = llmfi_from(path, 1);
    }
    llmfi_say(t, path);
}

/* Begins a problem: what follows is written to the text, then llmfi_report_end. line 0: about the file as a whole. */
LLMFI_UNUSED static llmfi_text llmfi_report_begin(llmf_error *err, llmf_str file, uint32_t line, uint32_t column, bool warning) {
    llmfi_text t = llmfi_error_begin(err, LLMF_ERR_CONFIG);
    err->line = line;
    err->column = line ? column : 0;
    llmfi_say_path(&t, file);
    if (line) {
        LLMFI_SAY(&t, ":");
        llmfi_say_int(&t, line);
        LLMFI_SAY(&t, ":");
        llmfi_say_int(&t, column);
    }
    llmfi_say(&t, warning ? LLMFI_LIT(": warning: ") : LLMFI_LIT(": error: "));
    return t;
}

LLMFI_UNUSED static void llmfi_report_end(llmfi_report *r, const llmf_error *err, bool warning) {
    if (!warning) r->problems++;
    if (r->say) r->say(r->user, err, warning);
}

LLMFI_UNUSED static void llmfi_report_at(llmfi_report *r, llmf_str file, uint32_t line, uint32_t column, const char *what) {
    llmf_error err;
    llmfi_text t = llmfi_report_begin(&err, file, line, column, false);
    llmfi_say_c(&t, what);
    llmfi_report_end(r, &err, false);
}

#endif
