/* What a provider's error means: every form of error body there is, of any provider, becomes one llmf_error. Which words, phrases and statuses mean
   what are rows of models.def; their order is that of RULES 29. */
#ifndef LLMFI_PROVIDERS_FAULT_H
#define LLMFI_PROVIDERS_FAULT_H
#include "../src/wire/delay.h"
#include "reply.h"

/* Where a provider's own word for an error stood: the first of these whose word is known decides. */
enum {
    LLMFI_FAULT_AMZN, LLMFI_FAULT_CODE, LLMFI_FAULT_TYPE, LLMFI_FAULT_STATUS, LLMFI_FAULT_INNER, LLMFI_FAULT_REASON, LLMFI_FAULT_AWS, LLMFI_FAULT_EXCEPTION,
    LLMFI_FAULT_XML, LLMFI_FAULT_WORDS
};

/* How deep an error object may hide its message. */
#define LLMFI_FAULT_DEPTH 4

typedef struct llmfi_fault {
    llmfi_buf message;
    llmf_str word[LLMFI_FAULT_WORDS];        /* in the frame, the header or scratch */
    int depth[LLMFI_FAULT_WORDS];            /* how deep that one stood: the deeper one counts, which is the error's own */
    int message_rank;                        /* of what stands in `message`: deeper is higher */
    int64_t status;                          /* the status named inside; 0: none */
} llmfi_fault;

static void llmfi_fault_word(llmfi_fault *f, int which, llmf_str word, int depth) {
    if (!word.len || LLMFI_IS(word, "error") || (f->word[which].len && f->depth[which] >= depth)) return;
    f->word[which] = word;
    f->depth[which] = depth;
}

/* ---- classes ---- */

#if LLMF_HAS_FAULTS || LLMFI_HAS_SERVICES

/* The result of a word, or LLMF_OK where no row has it. */
static int llmfi_fault_of_word(llmf_str word) {
    static const char words[] =
#define LLMF_ERROR_WORD(text, result) text "\0"
#include "../models.def"
        ;
    static const uint8_t results[] = {
#define LLMF_ERROR_WORD(text, result) result,
#include "../models.def"
    };
    int at = llmfi_word_in(words, word);
    return at < 0 ? (int)LLMF_OK : results[at];
}

#else

static int llmfi_fault_of_word(llmf_str word) {
    (void)word;
    return LLMF_OK;
}

#endif

#if LLMF_HAS_FAULTS

/* True when the message holds a phrase of that result. */
static bool llmfi_fault_says(llmf_str message, int result) {
    static const char phrases[] =
#define LLMF_ERROR_PHRASE(text, result) text "\0"
#include "../models.def"
        ;
    static const uint8_t results[] = {
#define LLMF_ERROR_PHRASE(text, result) result,
#include "../models.def"
    };
    const char *phrase = phrases;
    size_t i;
    for (i = 0; i < LLMFI_COUNT(results); i++) {
        if (results[i] == result && llmfi_find_nocase(message, llmfi_cstr(phrase)) != LLMFI_NOWHERE) return true;
        phrase += llmfi_strlen(phrase) + 1;
    }
    return false;
}

#endif

/* The result of a status, or LLMF_OK where no row has it: it is no error, or there is none. */
static int llmfi_fault_of_status(int64_t status) {
    static const struct {
        int16_t from;
        uint8_t more, result;
    } rows[] = {
#define LLMF_ERROR_STATUS(from, to, result) { from, (to) - (from), result },
#include "../models.def"
    };
    size_t i;
    for (i = 0; i < LLMFI_COUNT(rows); i++)
        if (status >= rows[i].from && status - rows[i].from <= rows[i].more) return rows[i].result;
    return LLMF_OK;
}

#if LLMF_HAS_FAULTS

/* RULES 29. status: the HTTP status where it is an error's, else the one named inside, else 0. */
static int llmfi_fault_class(const llmfi_fault *f, int64_t status) {
    llmf_str message = llmfi_buf_str(&f->message);
    int by_status = llmfi_fault_of_status(status), i, result;
    bool bad_request = by_status == LLMF_ERR_BAD_REQUEST || by_status == LLMF_OK;
    if (status < 500 && status != 429 && llmfi_fault_says(message, LLMF_ERR_AUTH)) return LLMF_ERR_AUTH;
    if (bad_request && llmfi_fault_says(message, LLMF_ERR_CONTEXT_LENGTH)) return LLMF_ERR_CONTEXT_LENGTH;
    for (i = 0; i < LLMFI_FAULT_WORDS; i++) {
        result = llmfi_fault_of_word(f->word[i]);
        if (result != LLMF_OK && result != LLMF_ERR_BAD_REQUEST) return result;
    }
    if (bad_request && llmfi_fault_says(message, LLMF_ERR_NOT_FOUND)) return LLMF_ERR_NOT_FOUND;
    if (by_status != LLMF_OK) return by_status;
    for (i = 0; i < LLMFI_FAULT_WORDS; i++)
        if (llmfi_fault_of_word(f->word[i]) == LLMF_ERR_BAD_REQUEST) return LLMF_ERR_BAD_REQUEST;
    return LLMF_ERR_SERVER;
}

#else

static int llmfi_fault_class(const llmfi_fault *f, int64_t status) {
    int result = llmfi_fault_of_status(status);
    (void)f;
    return result == LLMF_OK ? LLMF_ERR_SERVER : result;
}

#endif

static bool llmfi_fault_is_number(llmf_str word) {
    size_t i;
    for (i = 0; i < word.len; i++)
        if (!llmfi_is_digit(word.ptr[i])) return false;
    return true;
}

/* The provider's word to show: the first that tells the class, else the first that is a word, else a number. */
static llmf_str llmfi_fault_code(const llmfi_fault *f) {
    int i;
    for (i = 0; i < LLMFI_FAULT_WORDS; i++) {
        int result = llmfi_fault_of_word(f->word[i]);
        if (result != LLMF_OK && result != LLMF_ERR_BAD_REQUEST) return f->word[i];
    }
    for (i = 0; i < LLMFI_FAULT_WORDS; i++)
        if (f->word[i].len && !llmfi_fault_is_number(f->word[i])) return f->word[i];
    return f->word[LLMFI_FAULT_CODE];
}

/* ---- keys do not leak ---- */

LLMFI_UNUSED static bool llmfi_fault_key_char(char c) {
    char l = llmfi_lower(c);
    return (l >= 'a' && l <= 'z') || llmfi_is_digit(c) || c == '_' || c == '-' || c == '.';
}

#if LLMF_HAS_FAULTS || LLMFI_HAS_SERVICES

/* How long the key is that begins at the front of `s`; 0: none does. One that its owner has masked (sk-12***89) is none. */
static size_t llmfi_fault_key(llmf_str s) {
    static const char begins[][7] = { "sk-", "sk_", "gsk_", "hf_", "xai-", "AIza", "AKIA", "ASIA", "pplx-", "nvapi-", "csk-", "r8_", "ya29.", "eyJ", "ABSK" };
    size_t i, n = 0, front = 0;
    for (i = 0; i < LLMFI_COUNT(begins); i++)
        if (llmfi_starts(s, llmfi_cstr(begins[i]))) break;
    if (i == LLMFI_COUNT(begins)) {
        if (s.len < 7 || !llmfi_eq_nocase(llmfi_str(s.ptr, 7), LLMFI_LIT("bearer "))) return 0;
        front = 7;
    }
    while (front + n < s.len && llmfi_fault_key_char(s.ptr[front + n])) n++;
    if (front + n < s.len && s.ptr[front + n] == '*') return 0;
    while (n && s.ptr[front + n - 1] == '.') n--;
    return n >= 16 ? front + n : 0;
}

/* Replaces in place whatever looks like a key by [key]; returns the new length, which is never more. */
LLMFI_UNUSED static size_t llmfi_fault_scrub(char *text, size_t len) {
    size_t from = 0, to = 0;
    bool inside = false; /* a word: no key begins in its middle */
    while (from < len) {
        size_t n = inside ? 0 : llmfi_fault_key(llmfi_str(text + from, len - from));
        if (n) {
            memcpy(text + to, "[key]", 5);
            to += 5;
            from += n;
        } else {
            inside = llmfi_fault_key_char(text[from]);
            text[to++] = text[from++];
        }
    }
    return to;
}
#endif

/* The same for the call's own key, whatever it looks like: also for a front of it that the text's end cuts off. */
static size_t llmfi_fault_hide(char *text, size_t len, llmf_str key) {
    size_t from = 0, to = 0;
    if (key.len < 8) return len;
    while (from < len) {
        size_t n = len - from < key.len ? len - from : key.len;
        if (n >= 8 && memcmp(text + from, key.ptr, n) == 0) {
            memcpy(text + to, "[key]", 5);
            to += 5;
            from += n;
        } else {
            text[to++] = text[from++];
        }
    }
    return to;
}

/* Both of them. */
static size_t llmfi_fault_clean(const llmfi_reply *r, char *text, size_t len) {
#if LLMF_HAS_FAULTS
    return llmfi_fault_scrub(text, llmfi_fault_hide(text, len, r->key));
#else
    return llmfi_fault_hide(text, len, r->key);
#endif
}

/* ---- telling ---- */

/* What to do about it. Which variable holds the key, the engine says. */
static const char *llmfi_fault_advice(int code) {
#if !LLMF_HAS_STRINGS
    (void)code;
    return "";
#else
    switch (code) {
    case LLMF_ERR_AUTH: return "check the API key";
    case LLMF_ERR_PERMISSION: return "this key may not do that: ask the account's owner, or take another model";
    case LLMF_ERR_NOT_FOUND: return "check the model's name and the base URL";
    case LLMF_ERR_RATE_LIMIT: return "wait, or send less at a time (rpm, tpm)";
    case LLMF_ERR_QUOTA: return "the account's credit or quota is used up: see to it at the provider";
    case LLMF_ERR_CONTEXT_LENGTH: return "shorten the messages or lower max_tokens, or take a model with a larger window";
    case LLMF_ERR_CONTENT_FILTER: return "the provider does not take this prompt: change it";
    case LLMF_ERR_BAD_REQUEST: return "change what it names; llmf_preview_request shows what is sent";
    case LLMF_ERR_OVERLOADED: return "try again later, or name a fallback";
    case LLMF_ERR_SERVER: return "the fault is the provider's: try again, or name a fallback";
    case LLMF_ERR_TIMEOUT: return "try again, or ask for less";
    default: return "";
    }
#endif
}

static void llmfi_fault_sentence(llmfi_reply *r) {
    llmf_error *e = &r->error;
    llmfi_text t = llmfi_error_text(e);
    llmf_str said = llmfi_utf8_cut(e->message, 300);
    const char *advice = llmfi_fault_advice(e->code);
    llmfi_say(&t, r->provider.len ? r->provider : LLMFI_LIT("the provider"));
    LLMFI_SAY(&t, ": ");
    if (said.len) {
        llmfi_say(&t, said);
        if (said.len < e->message.len) LLMFI_SAY(&t, "...");
    } else {
        LLMFI_SAY(&t, "an error without a message");
    }
    if (e->http_status) {
        LLMFI_SAY(&t, " (HTTP ");
        llmfi_say_int(&t, e->http_status);
    }
    if (e->provider_code[0]) {
        if (e->http_status) LLMFI_SAY(&t, ", ");
        else LLMFI_SAY(&t, " (");
        llmfi_say_c(&t, e->provider_code);
    }
    if (e->http_status || e->provider_code[0]) LLMFI_SAY(&t, ")");
    if (*advice) LLMFI_SAY(&t, "; ");
    llmfi_say_c(&t, advice);
}

/* Ends the reply in an error of the provider's; the first error stays. code: llmf_result; word and message: the provider's own, valid UTF-8, may be empty. */
LLMFI_UNUSED static void llmfi_fault_tell(llmfi_reply *r, int code, llmf_str word, llmf_str message) {
    llmf_error *e = &r->error;
    llmfi_text t;
    if (e->code != LLMF_OK) return;
    e->code = code;
    e->http_status = r->status;
    t = llmfi_text_in(e->provider_code, sizeof e->provider_code);
    llmfi_say(&t, word);
    e->provider_code[llmfi_fault_clean(r, e->provider_code, t.len)] = '\0';
    e->message = llmfi_str("", 0);
    if (message.len) e->message = llmfi_arena_copy(r->arena, message);
    if (e->message.len) {
        char *kept = (char *)e->message.ptr;
        e->message.len = llmfi_fault_clean(r, kept, message.len);
        kept[e->message.len] = '\0';
    }
    llmfi_fault_sentence(r);
}

static void llmfi_fault_decide(llmfi_reply *r, llmfi_fault *f) {
    int64_t status = r->status >= 300 ? r->status : f->status;
    int code = llmfi_fault_class(f, status);
    if (code == LLMF_ERR_CONTENT_FILTER) r->blocked = true;
    (void)llmfi_utf8_valid(llmfi_buf_str(&f->message), &f->message.len); /* where memory ran out within a character: up to there */
    llmfi_fault_tell(r, code, llmfi_fault_code(f), llmfi_trim(llmfi_buf_str(&f->message)));
    llmfi_buf_free(&f->message);
}

/* ---- JSON bodies ---- */

/* Whether text of this rank becomes the message; a higher one replaces what a lower one said. */
static bool llmfi_fault_speak(llmfi_fault *f, int rank) {
    if (f->message.len && rank < f->message_rank) return false;
    if (rank > f->message_rank) f->message.len = 0;
    f->message_rank = rank;
    return true;
}

#if LLMF_HAS_FAULTS

static void llmfi_fault_part(llmfi_fault *f, const char *between, const llmfi_json *j) {
    if (f->message.len) llmfi_buf_add(&f->message, between, llmfi_strlen(between));
    llmfi_json_add(j, &f->message); /* refused: the message is shorter, the class stands */
}

/* The place in a validation error: [body, stream_options] is said as "body.stream_options". */
static void llmfi_fault_place(llmfi_fault *f, llmfi_json *j) {
    const char *between = f->message.len ? "; " : "";
    int token = llmfi_json_next(j);
    if (token != LLMFI_J_ARRAY) {
        if (token == LLMFI_J_OBJECT) llmfi_json_skip(j);
        return;
    }
    while ((token = llmfi_json_next(j)) > 0 && token != LLMFI_J_ARRAY_END) {
        if (token == LLMFI_J_STRING || token == LLMFI_J_NUMBER) llmfi_fault_part(f, between, j);
        else if (token == LLMFI_J_OBJECT || token == LLMFI_J_ARRAY) llmfi_json_skip(j);
        between = ".";
    }
}

/* One of `detail`: {"loc": [...], "msg": "..."}. The place is said first wherever it stands. */
static void llmfi_fault_detail(llmfi_fault *f, llmfi_json *j) {
    llmfi_json ahead = *j;
    const char *between = "; ";
    while (llmfi_json_next(&ahead) == LLMFI_J_KEY)
        if (LLMFI_KEY(&ahead, "loc")) {
            llmfi_fault_place(f, &ahead);
            between = ": ";
        } else llmfi_json_skip(&ahead);
    while (llmfi_json_next(j) == LLMFI_J_KEY)
        if (LLMFI_KEY(j, "msg") || LLMFI_KEY(j, "message")) {
            if (llmfi_json_next(j) == LLMFI_J_STRING) llmfi_fault_part(f, between, j);
            else if (j->token == LLMFI_J_OBJECT || j->token == LLMFI_J_ARRAY) llmfi_json_skip(j);
        } else llmfi_json_skip(j);
}

#endif

static void llmfi_fault_object_in(llmfi_reply *r, llmfi_fault *f, llmfi_json *j, int depth);

/* A value that is the message, or has it inside: text, a list of texts or details, an object. worth: of two at the same depth the one worth more counts. */
static void llmfi_fault_message(llmfi_reply *r, llmfi_fault *f, llmfi_json *j, int depth, int worth) {
    int token = llmfi_json_next(j);
    if (token == LLMFI_J_STRING) {
        if (llmfi_fault_speak(f, 2 * depth + worth) && !f->message.len) llmfi_json_add(j, &f->message);
    } else if (token == LLMFI_J_OBJECT) {
        llmfi_fault_object_in(r, f, j, depth + 1);
#if LLMF_HAS_FAULTS
    } else if (token == LLMFI_J_ARRAY) {
        bool speaks = llmfi_fault_speak(f, 2 * depth + worth) && !f->message.len;
        while ((token = llmfi_json_next(j)) > 0 && token != LLMFI_J_ARRAY_END) {
            if (token == LLMFI_J_STRING && speaks) llmfi_fault_part(f, "; ", j);
            else if (token == LLMFI_J_OBJECT && speaks) llmfi_fault_detail(f, j);
            else if (token == LLMFI_J_OBJECT || token == LLMFI_J_ARRAY) llmfi_json_skip(j);
        }
#else
    } else if (token == LLMFI_J_ARRAY) {
        llmfi_json_skip(j);
#endif
    }
}

/* A word of the provider's; `code` and `status` may also be an HTTP status, as a number or as digits. which: LLMFI_FAULT_WORDS where only that counts. */
static void llmfi_fault_take(llmfi_reply *r, llmfi_fault *f, llmfi_json *j, int which, int depth) {
    bool status = which == LLMFI_FAULT_CODE || which == LLMFI_FAULT_STATUS || which == LLMFI_FAULT_WORDS;
    int token = llmfi_json_scalar(j);
    int64_t n;
    if (token != LLMFI_J_STRING && (token != LLMFI_J_NUMBER || !status)) return;
    if (which != LLMFI_FAULT_WORDS) {
        llmf_str word = llmfi_reply_string(r, j);
#if LLMF_HAS_FAULTS
        size_t sharp = which == LLMFI_FAULT_AWS ? llmfi_find_char(word, '#') : LLMFI_NOWHERE;
        if (sharp != LLMFI_NOWHERE) word = llmfi_from(word, sharp + 1);
#endif
        llmfi_fault_word(f, which, word, depth);
    }
    if (status && llmfi_parse_int(j->text, &n) && n >= 300 && n <= 599 && (!f->status || which == LLMFI_FAULT_CODE)) f->status = n;
}

#if LLMF_HAS_FAULTS

/* "48s", "0.5s": google.rpc.RetryInfo. */
static void llmfi_fault_delay(llmfi_reply *r, llmfi_json *j) {
    if (llmfi_json_next(j) == LLMFI_J_OBJECT || j->token == LLMFI_J_ARRAY) llmfi_json_skip(j);
    else if (j->token == LLMFI_J_STRING && llmfi_ends(j->text, LLMFI_LIT("s")))
        llmfi_parse_delay(llmfi_str(j->text.ptr, j->text.len - 1), 1000, &r->error.retry_after_ms);
}

/* innererror: {code}; details: [{reason}]. Deep things: of each the first word. */
static void llmfi_fault_inner(llmfi_reply *r, llmfi_fault *f, llmfi_json *j, int which, int depth) {
    int token = llmfi_json_next(j);
    bool array = token == LLMFI_J_ARRAY;
    if (array) token = llmfi_json_next(j);
    while (token == LLMFI_J_OBJECT) {
        while (llmfi_json_next(j) == LLMFI_J_KEY)
            if (which == LLMFI_FAULT_INNER ? LLMFI_KEY(j, "code") : LLMFI_KEY(j, "reason")) llmfi_fault_take(r, f, j, which, depth);
            else if (LLMFI_KEY(j, "retryDelay")) llmfi_fault_delay(r, j);
            else llmfi_json_skip(j);
        if (!array || j->token != LLMFI_J_OBJECT_END) return;
        token = llmfi_json_next(j);
    }
    while (array && token > 0 && token != LLMFI_J_ARRAY_END) { /* a list of other things */
        if (token == LLMFI_J_OBJECT || token == LLMFI_J_ARRAY) llmfi_json_skip(j);
        token = llmfi_json_next(j);
    }
}

#endif

/* What an error object's members are: how they are read, and as which word, or what the message in them is worth. */
enum { LLMFI_FAULT_IS_MESSAGE, LLMFI_FAULT_IS_WORD, LLMFI_FAULT_IS_INNER };
#define LLMFI_FAULT_MEMBERS(X)                                                                                                             \
    X("message", MESSAGE, 1) X("error", MESSAGE, 0) X("code", WORD, LLMFI_FAULT_CODE) X("type", WORD, LLMFI_FAULT_TYPE)                      \
    LLMFI_KEEP(LLMF_HAS_FAULTS, X("Message", MESSAGE, 1) X("detail", MESSAGE, 1) X("msg", MESSAGE, 1) X("errors", MESSAGE, 1)               \
        X("status_code", WORD, LLMFI_FAULT_WORDS) X("status", WORD, LLMFI_FAULT_STATUS) X("error_type", WORD, LLMFI_FAULT_TYPE)             \
        X("__type", WORD, LLMFI_FAULT_AWS) X("innererror", INNER, LLMFI_FAULT_INNER) X("details", INNER, LLMFI_FAULT_REASON))

/* The members of an object that was just opened. */
static void llmfi_fault_object_in(llmfi_reply *r, llmfi_fault *f, llmfi_json *j, int depth) {
#define LLMFI_FAULT_NAME(name, how, which) name "\0"
#define LLMFI_FAULT_ROW(name, how, which) { LLMFI_FAULT_IS_##how, which },
    static const char names[] = LLMFI_FAULT_MEMBERS(LLMFI_FAULT_NAME);
    static const struct {
        uint8_t how, which;
    } rows[] = { LLMFI_FAULT_MEMBERS(LLMFI_FAULT_ROW) };
#undef LLMFI_FAULT_NAME
#undef LLMFI_FAULT_ROW
    int at;
    if (depth > LLMFI_FAULT_DEPTH) {
        llmfi_json_skip(j);
        return;
    }
    while ((at = llmfi_json_pick(j, names)) >= 0) {
        if ((size_t)at == LLMFI_COUNT(rows)) llmfi_json_skip(j);
        else if (rows[at].how == LLMFI_FAULT_IS_MESSAGE) llmfi_fault_message(r, f, j, depth, rows[at].which);
        else if (rows[at].how == LLMFI_FAULT_IS_WORD) llmfi_fault_take(r, f, j, rows[at].which, depth);
#if LLMF_HAS_FAULTS
        else llmfi_fault_inner(r, f, j, rows[at].which, depth);
#endif
    }
}

/* False where the text is not JSON; what was understood before counts all the same. */
static bool llmfi_fault_json(llmfi_reply *r, llmfi_fault *f, llmf_str text) {
    llmfi_json j;
    int token;
    llmfi_json_init(&j, text, true);
    token = llmfi_json_next(&j);
    if (token == LLMFI_J_ARRAY) token = llmfi_json_next(&j); /* Gemini's streams without alt=sse */
    if (token == LLMFI_J_OBJECT) llmfi_fault_object_in(r, f, &j, 0);
    else if (token == LLMFI_J_STRING) llmfi_json_add(&j, &f->message);
    return !j.error;
}

#if LLMF_HAS_FAULTS

/* ---- other bodies ---- */

/* What stands between <name> and </name>, the first time; name in the letters that are there, without case. Empty: nothing does. */
static llmf_str llmfi_fault_tag(llmf_str text, const char *name) {
    llmf_str tag = llmfi_cstr(name);
    size_t i, end;
    for (i = 0; i + tag.len + 2 <= text.len; i++) {
        if (text.ptr[i] != '<' || !llmfi_eq_nocase(llmfi_str(text.ptr + i + 1, tag.len), tag) || text.ptr[i + 1 + tag.len] != '>') continue;
        text = llmfi_from(text, i + tag.len + 2);
        end = llmfi_find_char(text, '<');
        return llmfi_str(text.ptr, end == LLMFI_NOWHERE ? text.len : end);
    }
    return llmfi_str("", 0);
}

/* Adds text with the five entities of XML decoded, without bad UTF-8 and with each run of white space as one blank. */
static void llmfi_fault_markup(llmfi_reply *r, llmfi_fault *f, llmf_str text) {
    static const struct {
        char entity[7];
        char is;
    } entities[] = { { "&lt;", '<' }, { "&gt;", '>' }, { "&amp;", '&' }, { "&quot;", '"' }, { "&apos;", '\'' }, { "&#39;", '\'' } };
    size_t i, e;
    llmf_str s = llmfi_reply_clean(r, llmfi_trim(text));
    for (i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (llmfi_is_space(c)) {
            if (llmfi_is_space(s.ptr[i - 1])) continue;
            c = ' ';
        }
        for (e = 0; c == '&' && e < LLMFI_COUNT(entities); e++)
            if (llmfi_starts(llmfi_from(s, i), llmfi_cstr(entities[e].entity))) {
                c = entities[e].is;
                i += llmfi_strlen(entities[e].entity) - 1;
                break;
            }
        if (!llmfi_buf_add(&f->message, &c, 1)) return;
    }
}

/* The XML of S3 and STS; of an HTML page the title, else the first words between its tags. */
static void llmfi_fault_xml(llmfi_reply *r, llmfi_fault *f, llmf_str text) {
    llmf_str code = llmfi_fault_tag(text, "Code"), said = llmfi_fault_tag(text, code.len ? "Message" : "title");
    llmfi_fault_word(f, LLMFI_FAULT_XML, llmfi_reply_clean(r, llmfi_trim(code)), 0);
    while (!said.len && !code.len && text.len) {
        size_t end = text.ptr[0] == '<' ? llmfi_find_char(text, '>') : llmfi_find_char(text, '<');
        if (text.ptr[0] != '<') said = llmfi_trim(llmfi_str(text.ptr, end == LLMFI_NOWHERE ? text.len : end));
        text = end == LLMFI_NOWHERE ? llmfi_str("", 0) : llmfi_from(text, text.ptr[0] == '<' ? end + 1 : end);
    }
    llmfi_fault_markup(r, f, said);
}

#endif

/* ---- the two ways in ---- */

static void llmfi_fault_init(llmfi_reply *r, llmfi_fault *f) {
    memset(f, 0, sizeof *f);
    f->message.heap = r->heap;
}

#if LLMF_HAS_FAULTS
/* x-amzn-errortype: a name, behind a namespace and in front of an address. */
static void llmfi_fault_header(llmfi_reply *r, llmfi_fault *f, llmf_str amzn) {
    size_t colon = llmfi_find_char(amzn, ':'), sharp;
    if (colon != LLMFI_NOWHERE) amzn.len = colon;
    sharp = llmfi_find_char(amzn, '#');
    amzn = llmfi_trim(sharp == LLMFI_NOWHERE ? amzn : llmfi_from(amzn, sharp + 1));
    llmfi_fault_word(f, LLMFI_FAULT_AMZN, llmfi_reply_clean(r, amzn), 0);
}
#endif

/* A reply with another status than 2xx, of any provider: r->error is filled. amzn: the value of x-amzn-errortype; empty: none. What Retry-After says is
   the engine's to add. */
LLMFI_UNUSED static void llmfi_fault_body(llmfi_reply *r, int status, llmf_str body, llmf_str amzn) {
    llmfi_fault f;
    if (r->error.code) return;
    r->status = status;
    llmfi_fault_init(r, &f);
    body = llmfi_trim(body);
#if LLMF_HAS_FAULTS
    llmfi_fault_header(r, &f, amzn);
    if (llmfi_starts(body, LLMFI_LIT("\xEF\xBB\xBF"))) body = llmfi_trim(llmfi_from(body, 3));
    if (llmfi_starts(body, LLMFI_LIT("data:")) || llmfi_starts(body, LLMFI_LIT("event:"))) { /* framed as a stream all the same */
        size_t brace = llmfi_find_char(body, '{');
        if (brace != LLMFI_NOWHERE) body = llmfi_from(body, brace);
    }
    if (body.len && body.ptr[0] == '<') llmfi_fault_xml(r, &f, body);
    else if (!body.len || !llmfi_strchr("{[\"", body.ptr[0]) || (!llmfi_fault_json(r, &f, body) && !f.message.len))
        llmfi_fault_markup(r, &f, body);
#else
    (void)amzn;
    (void)llmfi_fault_json(r, &f, body);
#endif
    r->error.code = LLMF_OK; /* scratch that ran out is no reason to hide the provider's */
    llmfi_fault_decide(r, &f);
}

/* An error inside a reply with status 200 (RULES 30): the frame or body that holds it, or the error object itself. kind: what the protocol calls it
   besides (Bedrock's :exception-type); empty: nothing. */
LLMFI_UNUSED static void llmfi_fault_object(llmfi_reply *r, llmf_str json, llmf_str kind) {
    llmfi_fault f;
    if (r->error.code) return;
    llmfi_fault_init(r, &f);
    llmfi_fault_word(&f, LLMFI_FAULT_EXCEPTION, kind, 0);
    llmfi_fault_json(r, &f, json);
    r->error.code = LLMF_OK;
    llmfi_fault_decide(r, &f);
}

/* The same where kind and message stand outside of any JSON: an error frame of an event stream. */
LLMFI_UNUSED static void llmfi_fault_said(llmfi_reply *r, llmf_str kind, llmf_str message) {
    llmfi_fault f;
    if (r->error.code) return;
    llmfi_fault_init(r, &f);
    llmfi_fault_word(&f, LLMFI_FAULT_EXCEPTION, llmfi_reply_clean(r, kind), 0);
    message = llmfi_reply_clean(r, message);
    llmfi_buf_add(&f.message, message.ptr, message.len); /* refused: the message is shorter, the class stands */
    r->error.code = LLMF_OK;
    llmfi_fault_decide(r, &f);
}

LLMF_API void llmf_reply_error(llmf_reply *r, int result, llmf_str provider_code, llmf_str message) {
    llmf_str word = llmfi_reply_clean(r, provider_code);
    llmfi_fault_tell(r, result == LLMF_OK ? LLMF_ERR_SERVER : result, word, llmfi_reply_clean(r, message));
}

#endif
