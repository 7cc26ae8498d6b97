/* What a factory has learned (health.h) and what was spent (budget.h), as bytes that outlive it: limits, cool-downs, breakers, latencies, scores, budgets. A device or a
   saved game keeps them; a program that starts again does not ask at once who has just said no. Nothing in them is a key or a prompt.

   The bytes, the same of every build: "LLMFSAVE", then numbers in little-endian order: u32 version, u32 bytes in all, i64 milliseconds since 1970, u32 models; each of them:
   u16 length and text of the provider, u16 and text of the model's id, u32 hash of its base URL, its numbers in the order of llmfi_save_entry. Then i64 days since 1970,
   the budgets of the process and of that day, u32 further budgets; each of them: u8 scope, u16 and text of its name, its numbers. At the end the CRC-32 of all before it.
   Times are kept as what is left of them. */
#ifndef LLMFI_ENGINE_SAVE_H
#define LLMFI_ENGINE_SAVE_H
#include "../base/file.h"
#include "../base/hash.h"
#include "../factory/sources.h"
#include "admit.h"
#include "budget.h"

#if LLMF_HAS_SAVE

enum { LLMFI_SAVE_VERSION = 1, LLMFI_SAVE_HEAD = 28, LLMFI_SAVE_MOST = 1 << 20 };

/* One walk for both ways: writes to `out` (as far as it has room), or reads from `in`, checking lengths. */
typedef struct llmfi_saver {
    llmf_factory *f;
    char *out;
    size_t cap, len;                         /* len: of all that there is to write */
    llmf_str in;                             /* what is left to read */
    bool reading, bad;
    bool dry;                                /* only looked at: nothing is taken */
    int64_t elapsed_ms;                      /* since it was written */
} llmfi_saver;

static void llmfi_save_bytes(llmfi_saver *s, void *bytes, size_t n) {
    if (s->reading) {
        s->bad = s->bad || s->in.len < n;
        if (s->bad) memset(bytes, 0, n);
        else memcpy(bytes, s->in.ptr, n);
        if (!s->bad) s->in = llmfi_from(s->in, n);
        return;
    }
    if (s->len < s->cap && n <= s->cap - s->len) memcpy(s->out + s->len, bytes, n);
    s->len += n;
}

/* A number of so many bytes. */
static uint64_t llmfi_save_word(llmfi_saver *s, uint64_t value, size_t n) {
    unsigned char b[8];
    size_t i;
    for (i = 0; i < n; i++) b[i] = (unsigned char)(value >> 8 * i);
    llmfi_save_bytes(s, b, n);
    for (value = 0, i = n; i-- > 0;) value = value << 8 | b[i];
    return value;
}

static void llmfi_save_number(llmfi_saver *s, int64_t *value) {
    *value = (int64_t)llmfi_save_word(s, (uint64_t)*value, 8);
}

/* Never below `least`: what was damaged and has the right checksum by chance is not believed blindly. */
static void llmfi_save_count(llmfi_saver *s, int64_t *value, int64_t least) {
    llmfi_save_number(s, value);
    if (*value < least || *value > INT64_MAX / 4) *value = least;
}

/* A moment, as the milliseconds until it. */
static void llmfi_save_moment(llmfi_saver *s, uint64_t *ns) {
    int64_t left = *ns > s->f->now_ns ? (int64_t)((*ns - s->f->now_ns) / LLMFI_MS) + 1 : 0;
    llmfi_save_count(s, &left, 0);
    if (left > LLMFI_COOL_MOST_MS) left = LLMFI_COOL_MOST_MS;
    if (s->reading) *ns = left > s->elapsed_ms ? llmfi_after_ms(s->f->now_ns, left - s->elapsed_ms) : 0;
}

/* What a build without RETRY keeps nothing of is read past, and written as nothing. */
#if LLMF_HAS_RETRY
/* The window to read into; one that there is no memory for is read into `none`, which is given up. */
static llmfi_window *llmfi_save_room(llmfi_saver *s, llmfi_health *h, llmfi_window *none) {
    if (s->reading && !h->window && !s->dry) h->window = (llmfi_window *)llmfi_heap_alloc(&s->f->heap, sizeof *h->window);
    return h->window && !(s->reading && s->dry) ? h->window : none;
}

/* What was sent in the seconds that still count, the oldest first. */
static void llmfi_save_window(llmfi_saver *s, llmfi_health *h) {
    llmfi_window none, *w;
    uint64_t i, gone = (uint64_t)s->elapsed_ms / 1000, now = s->f->now_ns / (1000 * LLMFI_MS);
    if (!llmfi_save_word(s, h->window != NULL, 1)) return;
    w = llmfi_save_room(s, h, &none);
    if (s->reading) memset(w, 0, sizeof *w);
    if (s->reading) w->second = now;
    else llmfi_window_move(w, now);
    for (i = LLMFI_WINDOW_SECONDS; i-- > 0;) { /* so many seconds ago */
        size_t at = (size_t)((w->second + LLMFI_WINDOW_SECONDS - i) % LLMFI_WINDOW_SECONDS);
        uint32_t requests = (uint32_t)llmfi_save_word(s, s->reading ? 0 : w->request[at], 4);
        int64_t tokens = s->reading ? 0 : w->token[at];
        llmfi_save_number(s, &tokens);
        if (!s->reading || i + gone >= LLMFI_WINDOW_SECONDS || tokens > INT64_MAX / 128 || tokens < -INT64_MAX / 128) continue;
        at = (size_t)((w->second + LLMFI_WINDOW_SECONDS - i - gone) % LLMFI_WINDOW_SECONDS);
        w->request[at] = requests;
        w->token[at] = tokens;
        w->requests += requests;
        w->tokens += tokens;
    }
}
#endif

static void llmfi_save_guards(llmfi_saver *s, llmfi_health *h) {
#if LLMF_HAS_RETRY
    h->cool_code = (int)llmfi_save_word(s, (uint64_t)h->cool_code, 1);
    if (h->cool_code > LLMF_ERR_ALL_FAILED) h->cool_code = LLMF_ERR_RATE_LIMIT;
    llmfi_save_moment(s, &h->cool_until_ns);
    llmfi_save_moment(s, &h->open_until_ns);
    llmfi_save_count(s, &h->failures, 0);
    llmfi_save_window(s, h);
    if (s->reading) h->guarded = h->guarded || h->cool_until_ns || h->open_until_ns;
#else
    uint64_t none = 0;
    int i;
    (void)h;
    (void)llmfi_save_word(s, 0, 1);
    for (i = 0; i < 3; i++) llmfi_save_moment(s, &none);
    if (!llmfi_save_word(s, 0, 1)) return;
    for (i = 0; i < LLMFI_WINDOW_SECONDS; i++) (void)llmfi_save_word(s, 0, 4), (void)llmfi_save_word(s, 0, 8);
#endif
}

/* The numbers of one model, in this order. */
static void llmfi_save_entry(llmfi_saver *s, llmfi_health *h) {
    int64_t good = (int64_t)h->good, bad = (int64_t)h->bad, scores = 0, ppm = 0;
    llmfi_save_count(s, &good, 0);
    llmfi_save_count(s, &bad, 0);
    h->good = (uint64_t)good;
    h->bad = (uint64_t)bad;
    llmfi_save_count(s, &h->latency_us, 0);
    llmfi_save_count(s, &h->first_us, 0);
#if LLMF_HAS_ROUTES
    scores = (int64_t)h->scores;
    ppm = (int64_t)h->score_ppm;
#endif
    llmfi_save_count(s, &scores, 0);
    llmfi_save_count(s, &ppm, 0);
    if (ppm / 1000000 > scores) ppm = scores * 1000000;
#if LLMF_HAS_ROUTES
    h->scores = (uint64_t)scores;
    h->score_ppm = (uint64_t)ppm;
#endif
    llmfi_save_guards(s, h);
}

/* ---- budgets ---- */

/* What one has come to, and which shares of it were told. */
typedef struct llmfi_saved_budget {
    int64_t spent, unknown, told_ppm;
} llmfi_saved_budget;

static void llmfi_save_spent(llmfi_saver *s, llmfi_saved_budget *b) {
    llmfi_save_count(s, &b->spent, 0);
    llmfi_save_count(s, &b->unknown, 0);
    llmfi_save_count(s, &b->told_ppm, 0);
    if (b->told_ppm > 1000000) b->told_ppm = 1000000;
}

#if LLMF_HAS_BUDGETS
static void llmfi_save_budget(llmfi_saver *s, llmfi_budget *b) {
    llmfi_saved_budget spent;
    spent.spent = b->spent;
    spent.unknown = (int64_t)b->unknown;
    spent.told_ppm = b->told_ppm;
    llmfi_save_spent(s, &spent);
    if (!s->reading || s->dry) return;
    b->spent = spent.spent;
    b->unknown = (uint64_t)spent.unknown;
    b->told_ppm = (int)spent.told_ppm;
}
#endif

static llmf_str llmfi_save_text(llmfi_saver *s, llmf_str text) {
    size_t n = (size_t)llmfi_save_word(s, text.len < 0xFFFF ? text.len : 0xFFFF, 2);
    if (!s->reading) {
        llmfi_save_bytes(s, (void *)(uintptr_t)text.ptr, n);
        return text;
    }
    if (s->in.len < n) s->bad = true;
    if (s->bad) return llmfi_str("", 0);
    text = llmfi_str(s->in.ptr, n);
    s->in = llmfi_from(s->in, n);
    return text;
}

/* All of them. What a build without BUDGETS reads it passes over. */
static void llmfi_save_budgets(llmfi_saver *s) {
    llmfi_saved_budget none = {0, 0, 0};
    uint64_t n;
#if LLMF_HAS_BUDGETS
    llmf_factory *f = s->f;
    llmfi_budget *b = f->budgets, past = f->budget_day;
    int64_t today = f->today, day = llmfi_wall(f) / 86400000;
    llmfi_save_count(s, &today, 0);
    if (s->reading && !s->dry && today >= day) f->today = today; /* else that day is over */
    llmfi_save_budget(s, &f->budget);
    llmfi_save_budget(s, s->reading && today < day ? &past : &f->budget_day);
    for (n = llmfi_save_word(s, f->budget_count, 4); n && !s->bad; n--) {
        int scope = (int)llmfi_save_word(s, b ? (uint64_t)b->scope : 0, 1);
        llmf_str name = llmfi_save_text(s, b ? b->name : llmfi_str("", 0));
        llmfi_budget other, *to = b;
        if (s->reading) to = s->dry || (scope != LLMF_BUDGET_MODEL && scope != LLMF_BUDGET_ROUTE) ? NULL : llmfi_budget_get(f, scope, llmfi_str("", 0), name);
        memset(&other, 0, sizeof other);
        llmfi_save_budget(s, to ? to : &other);
        if (!s->reading) b = b->next;
    }
    (void)none;
#else
    int64_t today = 0;
    llmfi_save_number(s, &today);
    llmfi_save_spent(s, &none);
    llmfi_save_spent(s, &none);
    for (n = llmfi_save_word(s, 0, 4); n && !s->bad; n--) {
        (void)llmfi_save_word(s, 0, 1);
        (void)llmfi_save_text(s, llmfi_str("", 0));
        llmfi_save_spent(s, &none);
    }
#endif
}

/* ---- out ---- */

static size_t llmfi_save_all(llmf_factory *f, char *out, size_t cap) {
    llmfi_saver s;
    llmfi_health *h;
    size_t bytes = 0;
    int pass;
    for (pass = 0; pass < 2; pass++) { /* first the length, which stands in front */
        memset(&s, 0, sizeof s);
        s.f = f;
        s.out = out;
        s.cap = pass ? cap : 0;
        llmfi_save_bytes(&s, (void *)(uintptr_t)"LLMFSAVE", 8);
        llmfi_save_word(&s, LLMFI_SAVE_VERSION, 4);
        llmfi_save_word(&s, bytes, 4);
        llmfi_save_word(&s, (uint64_t)llmfi_wall(f), 8);
        llmfi_save_word(&s, f->health_count, 4);
        for (h = f->health; h; h = h->next) {
            llmfi_save_text(&s, h->provider);
            llmfi_save_text(&s, h->model_id);
            llmfi_save_word(&s, h->host, 4);
            llmfi_save_entry(&s, h);
        }
        llmfi_save_budgets(&s);
        bytes = s.len + 4;
        if (bytes > cap) return bytes;
    }
    llmfi_save_word(&s, llmfi_crc32(0, out, s.len), 4);
    return bytes;
}

LLMF_API size_t llmf_save(llmf_factory *f, void *out, size_t cap) {
    if (!f) return 0;
    llmfi_now(f);
    return llmfi_save_all(f, (char *)out, out ? cap : 0);
}

/* ---- in ---- */

static bool llmfi_save_refuse(llmf_factory *f, llmf_error *err, const char *what) {
    if (f) llmfi_error_set(&f->last_error, LLMF_ERR_ARGUMENT, what);
    if (f && err) *err = f->last_error;
    return false;
}
#if !LLMF_HAS_STRINGS
#define llmfi_save_refuse(f, err, what) llmfi_save_refuse((f), (err), "")
#endif

/* Everything is looked at before anything is taken. */
static bool llmfi_save_whole(llmfi_saver *s) {
    llmf_str all = s->in;
    llmfi_health read;
    uint64_t n;
    char name[8];
    llmfi_saver crc = *s;
    s->dry = true;
    if (all.len < LLMFI_SAVE_HEAD + 4) return false;
    crc.in = llmfi_from(all, all.len - 4);
    if (llmfi_save_word(&crc, 0, 4) != llmfi_crc32(0, all.ptr, all.len - 4)) return false;
    s->in.len -= 4;
    llmfi_save_bytes(s, name, 8);
    if (memcmp(name, "LLMFSAVE", 8) != 0 || llmfi_save_word(s, 0, 4) != LLMFI_SAVE_VERSION || llmfi_save_word(s, 0, 4) != all.len) return false;
    s->elapsed_ms = llmfi_wall(s->f) - (int64_t)llmfi_save_word(s, 0, 8);
    if (s->elapsed_ms < 0 || s->elapsed_ms > INT64_MAX / 4) s->elapsed_ms = 0; /* a clock that was set back */
    for (n = llmfi_save_word(s, 0, 4); n && !s->bad; n--) {
        memset(&read, 0, sizeof read);
        llmfi_save_text(s, llmfi_str("", 0));
        llmfi_save_text(s, llmfi_str("", 0));
        llmfi_save_word(s, 0, 4);
        llmfi_save_entry(s, &read);
    }
    llmfi_save_budgets(s);
    s->dry = false;
    return !s->bad && !s->in.len;
}

static bool llmfi_load_all(llmf_factory *f, llmf_str bytes, llmf_error *err) {
    llmfi_saver s;
    uint64_t n;
    memset(&s, 0, sizeof s);
    s.f = f;
    s.in = bytes;
    s.reading = true;
    if (!llmfi_save_whole(&s)) return llmfi_save_refuse(f, err, "the saved state is damaged, cut, or of another version: nothing was taken from it");
    s.in = llmfi_str(bytes.ptr + 24, bytes.len - 28);
    for (n = llmfi_save_word(&s, 0, 4); n; n--) {
        llmf_str provider = llmfi_save_text(&s, llmfi_str("", 0)), model_id = llmfi_save_text(&s, llmfi_str("", 0));
        uint32_t host = (uint32_t)llmfi_save_word(&s, 0, 4);
        llmfi_health unknown, *h = llmfi_health_named(f, provider, model_id, host);
        memset(&unknown, 0, sizeof unknown);
        s.dry = !h;
        llmfi_save_entry(&s, h ? h : &unknown);
        s.dry = false;
    }
    llmfi_save_budgets(&s);
    return true;
}

LLMF_API llmf_result llmf_load(llmf_factory *f, const void *bytes, size_t len, llmf_error *err) {
    if (err) llmfi_error_clear(err);
    if (!f) {
        if (err) llmfi_error_set(err, LLMF_ERR_ARGUMENT, "the factory is NULL");
        return LLMF_ERR_ARGUMENT;
    }
    llmfi_now(f);
    return llmfi_load_all(f, llmfi_str((const char *)bytes, bytes ? len : 0), err) ? LLMF_OK : LLMF_ERR_ARGUMENT;
}

/* ---- files ---- */

LLMF_API llmf_result llmf_save_file(llmf_factory *f, const char *path, llmf_error *err) {
    llmf_error own;
    if (!err) err = &own;
    llmfi_error_clear(err);
    if (!f || !path) llmfi_error_set(err, LLMF_ERR_ARGUMENT, "the factory, or the path, is NULL");
#if LLMF_HAS_FILES
    if (err->code == LLMF_OK) {
        size_t len = llmf_save(f, NULL, 0);
        char *bytes = (char *)llmfi_heap_alloc(&f->heap, len);
        if (bytes && llmf_save(f, bytes, len) == len) (void)llmfi_file_replace(path, bytes, len, err);
        else llmfi_error_memory(err);
        llmfi_heap_free(&f->heap, bytes);
    }
#else
    if (err->code == LLMF_OK) (void)llmfi_error_left_out(err, "llmf_save_file", "FILES");
#endif
    return (llmf_result)err->code;
}

#if LLMF_HAS_FILES
/* What llmfi_source_read says of a file goes to the caller's error. */
static void llmfi_load_problem(void *user, const llmf_error *e, bool warning) {
    (void)warning;
    *(llmf_error *)user = *e;
}
#endif

LLMF_API llmf_result llmf_load_file(llmf_factory *f, const char *path, llmf_error *err) {
    llmf_error own;
    if (!err) err = &own;
    llmfi_error_clear(err);
    if (!f || !path) {
        llmfi_error_set(err, LLMF_ERR_ARGUMENT, "the factory, or the path, is NULL");
        return LLMF_ERR_ARGUMENT;
    }
#if LLMF_HAS_FILES
    {
        llmfi_report report = llmfi_report_to(llmfi_load_problem, err);
        llmfi_buf bytes;
        llmfi_buf_init(&bytes, &f->heap, LLMFI_SAVE_MOST);
        switch (llmfi_source_read(llmfi_cstr(path), &bytes, &report)) {
        case LLMFI_SOURCE_READ: (void)llmf_load(f, bytes.ptr, bytes.len, err); break;
        case LLMFI_SOURCE_MEMORY: llmfi_error_memory(err); break;
        default: break;
        }
        llmfi_buf_free(&bytes);
    }
#else
    (void)llmfi_error_left_out(err, "llmf_load_file", "FILES");
#endif
    return (llmf_result)err->code;
}

#else

LLMF_API size_t llmf_save(llmf_factory *f, void *out, size_t cap) {
    (void)out, (void)cap;
    if (f) (void)llmfi_error_left_out(&f->last_error, "llmf_save", "SAVE");
    return 0;
}

LLMF_API llmf_result llmf_load(llmf_factory *f, const void *bytes, size_t len, llmf_error *err) {
    (void)bytes, (void)len;
    if (f) (void)llmfi_error_left_out(&f->last_error, "llmf_load", "SAVE");
    if (f && err) *err = f->last_error;
    return LLMF_ERR_NOT_BUILT;
}

LLMF_API llmf_result llmf_save_file(llmf_factory *f, const char *path, llmf_error *err) {
    return llmf_load(f, path, 0, err);
}

LLMF_API llmf_result llmf_load_file(llmf_factory *f, const char *path, llmf_error *err) {
    return llmf_load(f, path, 0, err);
}

#endif
#endif
