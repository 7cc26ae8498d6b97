/* Sentences put together in a fixed buffer: for errors and log lines. Always ends with NUL; what does not fit is cut, never at the middle of a character. */
#ifndef LLMFI_BASE_TEXT_H
#define LLMFI_BASE_TEXT_H
#include "num.h"

typedef struct llmfi_text {
    char *ptr;
    size_t cap, len;
    bool gap;                                /* without STRINGS: a blank comes before what is said next */
} llmfi_text;

LLMFI_UNUSED static LLMFI_SHORT llmfi_text llmfi_text_in(char *buffer, size_t cap) {
    llmfi_text t;
    t.ptr = buffer;
    t.cap = cap;
    t.len = 0;
    t.gap = false;
    if (cap) buffer[0] = '\0';
    return t;
}

LLMFI_UNUSED static void llmfi_say(llmfi_text *t, llmf_str s) {
    size_t room, n;
    if (t->gap) {
        t->gap = false;
        if (t->len && s.len) llmfi_say(t, LLMFI_LIT(" "));
    }
    room = t->cap > t->len ? t->cap - t->len - 1 : 0;
    n = s.len < room ? s.len : room;
    while (n < s.len && n && ((unsigned char)s.ptr[n] & 0xC0) == 0x80) n--;
    if (n) memcpy(t->ptr + t->len, s.ptr, n);
    t->len += n;
    if (t->cap) t->ptr[t->len] = '\0';
    if (n < s.len) t->cap = t->len + 1; /* nothing follows what was cut */
}

LLMFI_UNUSED static LLMFI_COLD void llmfi_say_c(llmfi_text *t, const char *s) {
    llmfi_say(t, llmfi_cstr(s));
}

/* Words between things that are named. Without STRINGS a blank stands for them. */
#if LLMF_HAS_STRINGS && LLMFI_SMALL
#define LLMFI_SAY(t, lit) llmfi_say_c((t), "" lit)
#elif LLMF_HAS_STRINGS
#define LLMFI_SAY(t, lit) llmfi_say((t), LLMFI_LIT(lit))
#else
#define LLMFI_SAY(t, lit) ((void)((t)->gap = true))
#endif

LLMFI_UNUSED static void llmfi_say_int(llmfi_text *t, int64_t v) {
    char digits[LLMFI_INT_TEXT];
    llmfi_say(t, llmfi_str(digits, llmfi_print_int(digits, v)));
}

/* 20260721 as 2026-07-21. */
LLMFI_UNUSED static void llmfi_say_day(llmfi_text *t, int32_t day) {
    llmfi_say_int(t, day / 10000);
    llmfi_say(t, day / 100 % 100 < 10 ? LLMFI_LIT("-0") : LLMFI_LIT("-"));
    llmfi_say_int(t, day / 100 % 100);
    llmfi_say(t, day % 100 < 10 ? LLMFI_LIT("-0") : LLMFI_LIT("-"));
    llmfi_say_int(t, day % 100);
}

/* ---- errors ---- */

LLMFI_UNUSED static void llmfi_error_clear(llmf_error *e) {
    e->code = LLMF_OK;
    e->http_status = 0;
    e->retry_after_ms = LLMF_UNKNOWN;
    e->line = e->column = 0;
    e->provider_code[0] = e->text[0] = '\0';
    e->message = llmfi_str("", 0);
}

/* The sentence of an error whose code is set. Without STRINGS the result's name begins it. */
LLMFI_UNUSED static LLMFI_COLD llmfi_text llmfi_error_text(llmf_error *e) {
    llmfi_text t = llmfi_text_in(e->text, sizeof e->text);
#if !LLMF_HAS_STRINGS
    llmfi_say_c(&t, llmf_result_name(e->code));
    t.gap = true;
#endif
    return t;
}

/* Begins an error: go on with LLMFI_SAY. */
LLMFI_UNUSED static LLMFI_COLD llmfi_text llmfi_error_begin(llmf_error *e, int code) {
    llmfi_error_clear(e);
    e->code = code;
    return llmfi_error_text(e);
}

LLMFI_UNUSED static LLMFI_COLD void llmfi_error_put(llmf_error *e, int code, const char *text) {
    llmfi_text t = llmfi_error_begin(e, code);
    llmfi_say_c(&t, text);
}

LLMFI_UNUSED static LLMFI_COLD void llmfi_error_put_memory(llmf_error *e) {
    llmfi_error_put(e, LLMF_ERR_MEMORY, LLMFI_WORDS("the memory block is used up: raise llmf_desc.memory_size"));
}

/* before, the thing that it is about, after. */
LLMFI_UNUSED static LLMFI_COLD void llmfi_error_put_about(llmf_error *e, int code, const char *before, llmf_str about, const char *after) {
    llmfi_text t = llmfi_error_begin(e, code);
#if LLMF_HAS_STRINGS
    llmfi_say_c(&t, before);
#endif
    llmfi_say(&t, about);
#if LLMF_HAS_STRINGS
    llmfi_say_c(&t, after);
#endif
    (void)before, (void)after;
}

/* What a build option has left out; `option` as in LLMF_NO_<option>. */
LLMFI_UNUSED static LLMFI_COLD void llmfi_error_put_left_out(llmf_error *e, const char *what, const char *option) {
    llmfi_text t = llmfi_error_begin(e, LLMF_ERR_NOT_BUILT);
    llmfi_say_c(&t, what);
#if LLMF_HAS_STRINGS
    LLMFI_SAY(&t, ": left out of this build: build without LLMF_NO_");
#else
    llmfi_say_c(&t, " LLMF_WITH_");
#endif
    llmfi_say_c(&t, option);
#if LLMF_HAS_STRINGS
    LLMFI_SAY(&t, ", or, with LLMF_ONLY, add LLMF_WITH_");
    llmfi_say_c(&t, option);
    LLMFI_SAY(&t, "=1");
#endif
}

/* The same as what callers return: false, which the compiler sees. */
LLMFI_UNUSED static bool llmfi_error_set(llmf_error *e, int code, const char *text) {
    llmfi_error_put(e, code, text);
    return false;
}

LLMFI_UNUSED static bool llmfi_error_memory(llmf_error *e) {
    llmfi_error_put_memory(e);
    return false;
}

LLMFI_UNUSED static bool llmfi_error_left_out(llmf_error *e, const char *what, const char *option) {
    llmfi_error_put_left_out(e, what, option);
    return false;
}

LLMFI_UNUSED static bool llmfi_error_about(llmf_error *e, int code, const char *before, llmf_str about, const char *after) {
    llmfi_error_put_about(e, code, before, about, after);
    return false;
}

/* The words are dropped where they stand. */
#if !LLMF_HAS_STRINGS
#define llmfi_error_about(e, code, before, about, after) ((void)(before), (void)(after), llmfi_error_about((e), (code), "", (about), ""))
#define llmfi_error_set(e, code, text) ((void)(text), llmfi_error_set((e), (code), ""))
#endif

#endif
