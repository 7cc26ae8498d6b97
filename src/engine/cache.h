/* Answers kept, and given again to calls that ask the same: in the factory's heap, where the one used longest ago goes first, and in a store of the program's own.
   A call looks before it sends (llmfi_cache_serve); what it finds llmf_poll plays into its reply as if it had just come; what ends well is kept (llmfi_cache_keep). */
#ifndef LLMFI_ENGINE_CACHE_H
#define LLMFI_ENGINE_CACHE_H
#include "../base/hash.h"
#include "../base/utf8.h"
#include "core.h"
#include "send.h"
#include "spans.h"

#if LLMF_HAS_CACHE

enum { LLMFI_CACHE_ENTRIES = 1000, LLMFI_CACHE_BUCKETS = 1024 }; /* by default; at most, a power of two */
enum { LLMFI_CACHE_TEXTS = 6, LLMFI_CACHE_NUMBERS = 8 };         /* of a blob: see llmfi_cache_write */
#define LLMFI_CACHE_MAGIC LLMFI_LIT("llmfans1")                  /* another form of the blob: another last byte */

/* One answer; its blob stands behind it. */
typedef struct llmfi_cached {
    struct llmfi_cached *newer, *older, *chain; /* chain: of the same bucket */
    uint64_t born_ns;
    size_t len;                              /* of the blob */
    int users;                               /* calls that will play it: it stays until they have */
    bool listed;                             /* can be found */
    unsigned char key[LLMFI_SHA256];
} llmfi_cached;

/* Of one call. */
struct llmfi_cache_use {
    const llmfi_prepared *of;                /* the model that the key is for: another attempt may ask another one */
    llmfi_cached *hit;                       /* found, and not yet played; NULL */
    bool write;                              /* the answer shall be kept */
    unsigned char key[LLMFI_SHA256];
};

static void llmfi_frame_taken(llmfi_call *c);
static void llmfi_finish(llmfi_call *c);

/* ---- those in memory ---- */

static const char *llmfi_cached_blob(const llmfi_cached *e) {
    return (const char *)(e + 1);
}

static llmfi_cached **llmfi_cache_bucket(const llmfi_cache *k, const unsigned char *key) {
    return &k->buckets[llmfi_load4_be(key) & (k->bucket_count - 1)];
}

static llmfi_cached *llmfi_cache_find(const llmfi_cache *k, const unsigned char *key) {
    llmfi_cached *e = k->buckets ? *llmfi_cache_bucket(k, key) : NULL;
    while (e && memcmp(e->key, key, LLMFI_SHA256) != 0) e = e->chain;
    return e;
}

static void llmfi_cache_unlink(llmfi_cache *k, llmfi_cached *e) {
    if (e->newer) e->newer->older = e->older;
    else k->newest = e->older;
    if (e->older) e->older->newer = e->newer;
    else k->oldest = e->newer;
}

static void llmfi_cache_link(llmfi_cache *k, llmfi_cached *e) {
    e->newer = NULL;
    e->older = k->newest;
    if (e->older) e->older->newer = e;
    else k->oldest = e;
    k->newest = e;
}

/* It cannot be found any more; its memory goes with the last call that will play it. */
static void llmfi_cache_drop(llmf_factory *f, llmfi_cached *e) {
    llmfi_cached **at = llmfi_cache_bucket(&f->cache, e->key);
    while (*at != e) at = &(*at)->chain;
    *at = e->chain;
    llmfi_cache_unlink(&f->cache, e);
    f->cache.entries--;
    f->cache.bytes -= llmfi_heap_size(&f->heap, e);
    e->listed = false;
    if (!e->users) llmfi_heap_free(&f->heap, e);
}

/* Drops the oldest that nobody is about to play. False: there is none. */
static bool llmfi_cache_drop_one(llmf_factory *f) {
    llmfi_cached *e = f->cache.oldest;
    while (e && e->users) e = e->newer;
    if (e) llmfi_cache_drop(f, e);
    return e != NULL;
}

static void llmfi_cache_drop_buckets(llmf_factory *f) {
    llmfi_heap_free(&f->heap, f->cache.buckets);
    f->cache.buckets = NULL;
    f->heap.shed = NULL;
}

/* The heap is used up: all that is kept can be spared, one piece after the other. */
static bool llmfi_cache_shed(void *user) {
    llmf_factory *f = (llmf_factory *)user;
    if (llmfi_cache_drop_one(f)) return true;
    if (f->cache.entries) return false;
    llmfi_cache_drop_buckets(f);
    return true;
}

static size_t llmfi_cache_most(const llmf_factory *f) {
    size_t most = f->desc.cache_bytes ? f->desc.cache_bytes : f->block_size / 4;
    return most < f->block_size / 2 ? most : f->block_size / 2;
}

static size_t llmfi_cache_places(const llmf_factory *f) {
    return f->desc.cache_entries < 0 ? 0 : f->desc.cache_entries ? (size_t)f->desc.cache_entries : (size_t)LLMFI_CACHE_ENTRIES;
}

/* Made when the first call asks, and small where little is kept. False: no memory, so nothing is kept. */
static bool llmfi_cache_ready(llmf_factory *f) {
    llmfi_cache *k = &f->cache;
    size_t n = 16;
    if (k->buckets) return true;
    while (n < llmfi_cache_places(f) && n < LLMFI_CACHE_BUCKETS && n * sizeof *k->buckets < llmfi_cache_most(f) / 16) n *= 2;
    k->buckets = (llmfi_cached **)llmfi_heap_alloc(&f->heap, n * sizeof *k->buckets);
    if (!k->buckets) return false;
    memset(k->buckets, 0, n * sizeof *k->buckets);
    k->bucket_count = n;
    f->heap.shed_user = f;
    f->heap.shed = llmfi_cache_shed;
    return true;
}

/* Lets it be found, where there is a place for it or one can be made. */
static void llmfi_cache_list(llmf_factory *f, llmfi_cached *e) {
    llmfi_cache *k = &f->cache;
    size_t size = llmfi_heap_size(&f->heap, e), most = llmfi_cache_most(f), places = llmfi_cache_places(f);
    llmfi_cached *same = llmfi_cache_find(k, e->key), **bucket;
    if (same) llmfi_cache_drop(f, same);
    if (size > most || !places || !llmfi_cache_ready(f)) return;
    while (k->entries >= places || k->bytes > most - size)
        if (!llmfi_cache_drop_one(f)) return;
    bucket = llmfi_cache_bucket(k, e->key);
    e->chain = *bucket;
    *bucket = e;
    llmfi_cache_link(k, e);
    k->entries++;
    k->bytes += size;
    e->listed = true;
}

/* NULL: no memory. */
static llmfi_cached *llmfi_cached_new(llmf_factory *f, const unsigned char *key, uint64_t len) {
    llmfi_cached *e = len < (size_t)-1 / 4 ? (llmfi_cached *)llmfi_heap_alloc(&f->heap, sizeof *e + (size_t)len) : NULL;
    if (!e) return NULL;
    memset(e, 0, sizeof *e);
    memcpy(e->key, key, sizeof e->key);
    e->len = (size_t)len;
    e->born_ns = llmfi_moment(f);
    return e;
}

LLMF_API void llmf_cache_clear(llmf_factory *f) {
    while (f && f->cache.oldest) llmfi_cache_drop(f, f->cache.oldest);
}

/* No call is left. */
static void llmfi_cache_close(llmf_factory *f) {
    llmf_cache_clear(f);
    llmfi_cache_drop_buckets(f);
}

/* ---- the key ---- */

static void llmfi_cache_hash_number(llmfi_sha256 *h, uint64_t n) {
    unsigned char bytes[8];
    int i;
    for (i = 0; i < 8; i++) bytes[i] = (unsigned char)(n >> (8 * i));
    llmfi_sha256_add(h, bytes, sizeof bytes);
}

/* With its length, so that no two lists of texts look alike. */
static void llmfi_cache_hash(llmfi_sha256 *h, llmf_str text) {
    llmfi_cache_hash_number(h, text.len);
    llmfi_sha256_add(h, text.ptr, text.len);
}

/* The base URL, without the members of its query that are secrets by their names. */
static void llmfi_cache_hash_url(llmfi_sha256 *h, llmf_str url) {
    size_t mark = llmfi_find_char(url, '?');
    llmf_str rest = mark == LLMFI_NOWHERE ? llmfi_str("", 0) : llmfi_from(url, mark + 1);
    if (mark != LLMFI_NOWHERE) url.len = mark;
    llmfi_cache_hash(h, url);
    while (rest.len) {
        size_t end = llmfi_find_char(rest, '&');
        llmf_str one = end == LLMFI_NOWHERE ? rest : llmfi_str(rest.ptr, end), name = one;
        size_t equals = llmfi_find_char(one, '=');
        if (equals != LLMFI_NOWHERE) name.len = equals;
        if (!llmfi_header_secret(name)) llmfi_cache_hash(h, one);
        rest = llmfi_from(rest, one.len + 1);
    }
    llmfi_cache_hash_number(h, UINT64_MAX); /* the end of the list: no length of a text */
}

/* Those that may change an answer: not the key's, secrets, ours, nor when it was signed. */
static void llmfi_cache_hash_headers(llmfi_sha256 *h, const llmfi_call *c) {
    static const char ours[] = "content-type\0accept\0user-agent\0x-amz-date\0";
    size_t i;
    for (i = 0; i < c->x.req.header_count; i++) {
        const llmf_header *at = &c->x.req.headers[i];
        if (llmfi_header_secret(at->name) || (c->secret.len && at->value.ptr == c->secret.ptr) || llmfi_word_in_nocase(ours, at->name) >= 0) continue;
        llmfi_cache_hash(h, at->name);
        llmfi_cache_hash(h, at->value);
    }
    llmfi_cache_hash_number(h, UINT64_MAX);
}

/* Of what would be sent if it were no stream: the answer is the same. That is written once more for it. False: it cannot be. */
static bool llmfi_cache_key(llmfi_call *c, unsigned char key[LLMFI_SHA256]) {
    const llmfi_adapter *adapter = llmfi_adapter_of(c);
    unsigned char part[LLMFI_SHA256];
    llmfi_sha256 h, of_part;
    bool stream = c->req.stream, good;
    llmfi_out out;
    llmfi_sha256_init(&h);
    llmfi_cache_hash(&h, LLMFI_CACHE_MAGIC);
    llmfi_cache_hash_number(&h, (uint64_t)c->req.op);
    llmfi_cache_hash(&h, c->prepared->record.provider->name);
    llmfi_cache_hash(&h, c->prepared->record.provider->dialect);
    llmfi_cache_hash_url(&h, c->ask.model->base_url);
    llmfi_cache_hash_headers(&h, c);
    c->req.stream = false;
    llmfi_out_count(&out);
    out.tap = llmfi_sha256_tap;
    out.tap_user = &of_part;
    llmfi_sha256_init(&of_part);
    adapter->path(&c->ask, &out);
    llmfi_sha256_end(&of_part, part);
    llmfi_sha256_add(&h, part, sizeof part);
    llmfi_sha256_init(&of_part);
    good = llmfi_body_emit(adapter, &c->ask, &out);
    llmfi_sha256_end(&of_part, part);
    llmfi_sha256_add(&h, part, sizeof part);
    c->req.stream = stream;
    llmfi_sha256_end(&h, key);
    return good;
}

/* ---- the blob: the form's name, numbers, texts, tool calls, citations, and the digest of the key and all that ---- */

static void llmfi_cache_put_number(llmfi_out *o, int64_t n) {
    char bytes[8];
    int i;
    for (i = 0; i < 8; i++) bytes[i] = (char)(unsigned char)((uint64_t)n >> (8 * i));
    llmfi_put(o, bytes, sizeof bytes);
}

static void llmfi_cache_put(llmfi_out *o, llmf_str text) {
    llmfi_cache_put_number(o, (int64_t)text.len);
    llmfi_put_str(o, text);
}

/* What the provider said, whatever filters have made of it. Written twice: once to be measured. */
static void llmfi_cache_write(llmfi_call *c, int64_t wall, llmfi_out *o) {
    const llmfi_reply *r = &c->reply;
    const llmf_citation *cited = (const llmf_citation *)(const void *)r->citations.ptr;
    size_t i, count = r->citations.len / sizeof *cited;
    llmfi_put_str(o, LLMFI_CACHE_MAGIC);
    llmfi_cache_put_number(o, wall);
    llmfi_cache_put_number(o, r->finish);
    llmfi_cache_put_number(o, r->usage.input);
    llmfi_cache_put_number(o, r->usage.cache_read);
    llmfi_cache_put_number(o, r->usage.cache_write);
    llmfi_cache_put_number(o, r->usage.output);
    llmfi_cache_put_number(o, r->usage.reasoning);
    llmfi_cache_put_number(o, LLMFI_HAS_OPS && r->job ? r->job->output.tokens : LLMF_UNKNOWN);
    llmfi_cache_put(o, r->model_used);
    llmfi_cache_put(o, r->finish_raw);
    llmfi_cache_put(o, llmfi_buf_str(&r->reasoning));
    llmfi_cache_put(o, llmfi_buf_str(&r->text));
    llmfi_cache_put(o, llmfi_buf_str(&r->refusal));
    llmfi_cache_put(o, llmfi_buf_str(&r->state));
    llmfi_cache_put_number(o, (int64_t)r->call_count);
    for (i = 0; i < r->call_count; i++) {
        llmfi_cache_put(o, r->calls[i].id);
        llmfi_cache_put(o, r->calls[i].name);
        llmfi_cache_put(o, r->calls[i].arguments);
    }
    llmfi_cache_put_number(o, (int64_t)count);
    for (i = 0; i < count; i++) {
        llmfi_cache_put(o, cited[i].url);
        llmfi_cache_put(o, cited[i].title);
    }
}

/* A blob as it is read. `bad` stays. */
typedef struct llmfi_cache_reader {
    llmf_str left;
    bool bad;
} llmfi_cache_reader;

static int64_t llmfi_cache_number(llmfi_cache_reader *r) {
    uint64_t n = 0;
    int i;
    if (r->left.len < 8) r->bad = true;
    for (i = 8; i-- > 0 && !r->bad;) n = n << 8 | (unsigned char)r->left.ptr[i];
    r->left = llmfi_from(r->left, 8);
    return n <= INT64_MAX ? (int64_t)n : LLMF_UNKNOWN;
}

static llmf_str llmfi_cache_text(llmfi_cache_reader *r) {
    int64_t n = llmfi_cache_number(r);
    llmf_str text = llmfi_str(r->left.ptr, 0);
    if (r->bad || n < 0 || (uint64_t)n > r->left.len) r->bad = true;
    else text.len = (size_t)n;
    if (!llmfi_utf8_valid(text, NULL)) r->bad = true;
    r->left = llmfi_from(r->left, text.len);
    return text;
}

/* Into the reply, in the order of a provider's. */
static void llmfi_cache_read_texts(llmfi_cache_reader *r, llmfi_reply *to) {
    llmf_str text[LLMFI_CACHE_TEXTS];
    int i;
    for (i = 0; i < LLMFI_CACHE_TEXTS; i++) text[i] = llmfi_cache_text(r);
    if (!to) return;
    llmfi_reply_model(to, text[0]);
    llmfi_reply_finish(to, text[1]);
    llmfi_reply_reasoning(to, text[2]);
    llmfi_reply_text(to, text[3]);
    llmfi_reply_refusal(to, text[4]);
    if (text[5].len && !(llmfi_buf_reserve(&to->state, text[5].len + 1) && llmfi_buf_add(&to->state, text[5].ptr, text[5].len))) llmfi_reply_no_memory(to);
}

static void llmfi_cache_read_lists(llmfi_cache_reader *r, llmfi_reply *to) {
    int64_t n;
    int at;
    for (n = llmfi_cache_number(r); n > 0 && !r->bad; n--) {
        llmf_str id = llmfi_cache_text(r), name = llmfi_cache_text(r), arguments = llmfi_cache_text(r);
        if (!to || (at = llmfi_reply_tool_begin(to, -1, id, name)) < 0) continue;
        llmfi_reply_tool_args(to, at, arguments);
        llmfi_reply_tool_end(to, at);
    }
    for (n = llmfi_cache_number(r); n > 0 && !r->bad; n--) {
        llmf_str url = llmfi_cache_text(r), title = llmfi_cache_text(r);
        if (to) llmfi_reply_citation(to, url, title);
    }
}

/* From behind the form's name up to the digest. to NULL: only looked at. False: it is none of ours. */
static bool llmfi_cache_read(llmf_str content, int64_t numbers[LLMFI_CACHE_NUMBERS], llmfi_reply *to) {
    llmfi_cache_reader r;
    int i;
    r.left = llmfi_from(content, LLMFI_CACHE_MAGIC.len);
    r.bad = false;
    for (i = 0; i < LLMFI_CACHE_NUMBERS; i++) numbers[i] = llmfi_cache_number(&r);
    llmfi_cache_read_texts(&r, to);
    llmfi_cache_read_lists(&r, to);
    return !r.bad && !r.left.len && numbers[1] >= LLMF_FINISH_NONE && numbers[1] <= LLMF_FINISH_OTHER;
}

static void llmfi_cache_digest(const unsigned char *key, llmf_str content, unsigned char digest[LLMFI_SHA256]) {
    llmfi_sha256 h;
    llmfi_sha256_init(&h);
    llmfi_sha256_add(&h, key, LLMFI_SHA256);
    llmfi_sha256_add(&h, content.ptr, content.len);
    llmfi_sha256_end(&h, digest);
}

/* A blob from outside: whether it is whole, ours, this key's, and not too old; and its age. */
static bool llmfi_cache_good(llmf_factory *f, const unsigned char *key, llmf_str blob, uint64_t *age_ms) {
    unsigned char digest[LLMFI_SHA256];
    int64_t numbers[LLMFI_CACHE_NUMBERS], now = llmfi_wall(f);
    if (!blob.ptr || blob.len < LLMFI_CACHE_MAGIC.len + LLMFI_SHA256 || !llmfi_starts(blob, LLMFI_CACHE_MAGIC)) return false;
    blob.len -= LLMFI_SHA256;
    llmfi_cache_digest(key, blob, digest);
    if (memcmp(digest, blob.ptr + blob.len, sizeof digest) != 0 || !llmfi_cache_read(blob, numbers, NULL)) return false;
    *age_ms = numbers[0] > 0 && now > numbers[0] ? (uint64_t)(now - numbers[0]) : 0;
    return f->desc.cache_ttl_ms <= 0 || *age_ms < (uint64_t)f->desc.cache_ttl_ms;
}

/* ---- looking ---- */

/* What the program's store has; NULL: nothing that is good, or no memory for it. Hooks may call what callbacks may. */
static llmfi_cached *llmfi_cache_fetch(llmf_factory *f, const unsigned char *key) {
    const llmf_cache_store *s = f->desc.cache_store;
    llmfi_cached *e = NULL;
    llmf_str blob = llmfi_str("", 0);
    uint64_t age_ms = 0, now = llmfi_moment(f);
    bool polling = f->polling;
    if (!s || !s->get) return NULL;
    f->polling = true;
    if (s->get(s->user, key, &blob)) {
        if (llmfi_cache_good(f, key, blob, &age_ms)) e = llmfi_cached_new(f, key, blob.len);
        else if (s->del) s->del(s->user, key);
    }
    f->polling = polling;
    if (!e) return NULL;
    memcpy(e + 1, blob.ptr, blob.len);
    e->born_ns = age_ms < now / LLMFI_MS ? now - age_ms * LLMFI_MS : 0;
    llmfi_cache_list(f, e);
    return e;
}

static llmfi_cached *llmfi_cache_look(llmf_factory *f, const unsigned char *key) {
    llmfi_cache *k = &f->cache;
    llmfi_cached *e = llmfi_cache_find(k, key);
    if (e && f->desc.cache_ttl_ms > 0 && llmfi_moment(f) >= llmfi_after_ms(e->born_ns, f->desc.cache_ttl_ms)) {
        llmfi_cache_drop(f, e);
        e = NULL;
    }
    if (!e) return llmfi_cache_fetch(f, key);
    llmfi_cache_unlink(k, e);
    llmfi_cache_link(k, e);
    return e;
}

static int llmfi_cache_mode(const llmfi_call *c) {
    int mode = c->req.response_cache ? c->req.response_cache : c->f->desc.cache_mode;
    return mode == LLMF_CACHE_OFF ? 0 : mode;
}

static bool llmfi_cache_mode_ok(llmfi_call *c) {
    return (c->req.response_cache >= 0 && c->req.response_cache <= LLMF_CACHE_OFF) ||
           llmfi_error_set(&c->reply.error, LLMF_ERR_ARGUMENT, "llmf_request.response_cache: is no LLMF_CACHE_ value");
}

/* What a call has to do with the cache, its key made for the model that it asks now. NULL: nothing, or no memory. */
static struct llmfi_cache_use *llmfi_cache_use_of(llmfi_call *c) {
    if (!c->cache) {
        c->cache = (struct llmfi_cache_use *)llmfi_heap_alloc(&c->f->heap, sizeof *c->cache);
        if (c->cache) memset(c->cache, 0, sizeof *c->cache);
    }
    if (!c->cache) return NULL;
    c->cache->of = c->prepared;
    c->cache->write = false;
    return llmfi_cache_key(c, c->cache->key) ? c->cache : NULL;
}

/* Before a built call is sent. True: its answer is here, and the next llmf_poll plays it. */
static bool llmfi_cache_serve(llmfi_call *c) {
    struct llmfi_cache_use *u;
    int mode = llmfi_cache_mode(c);
    if (!mode || (c->req.op != LLMF_OP_CHAT && c->req.op != LLMF_OP_COUNT_TOKENS)) return false;
    if (c->cache && c->cache->of == c->prepared) return false; /* it was not there a moment ago */
    u = llmfi_cache_use_of(c);
    if (!u) return false;
    u->write = mode != LLMF_CACHE_READ && !(c->req.flags & LLMF_DISCARD_TEXT);
    if (mode == LLMF_CACHE_WRITE || (c->req.flags & LLMF_KEEP_RAW)) return false;
    u->hit = llmfi_cache_look(c->f, u->key);
    if (!u->hit) {
        c->f->cache.misses++;
        llmfi_metrics_cache(c, false);
        return false;
    }
    c->f->cache.hits++;
    llmfi_metrics_cache(c, true);
    u->hit->users++;
    u->write = false;
#if LLMFI_HAS_WAITS
    c->waits = LLMFI_WAITS_NOT; /* no keys are needed */
#endif
    c->f->deferred = true;
    return true;
}

/* ---- playing and keeping ---- */

static bool llmfi_cache_hit(const llmfi_call *c) {
    return c->cache && c->cache->hit;
}

static void llmfi_cache_let_go(llmfi_call *c) {
    llmfi_cached *e = c->cache->hit;
    c->cache->hit = NULL;
    if (e && --e->users == 0 && !e->listed) llmfi_heap_free(&c->f->heap, e);
}

/* Outside of all decoding, in llmf_poll: the call's reply is what was kept. */
static void llmfi_cache_play(llmfi_call *c) {
    const llmfi_cached *e = c->cache->hit;
    llmfi_reply *r = &c->reply;
    int64_t n[LLMFI_CACHE_NUMBERS];
    c->response.cached = true;
    (void)llmfi_cache_read(llmfi_str(llmfi_cached_blob(e), e->len - LLMFI_SHA256), n, r);
    llmfi_cache_let_go(c);
    r->usage.input = n[2];
    r->usage.cache_read = n[3];
    r->usage.cache_write = n[4];
    r->usage.output = n[5];
    r->usage.reasoning = n[6];
#if LLMFI_HAS_OPS
    if (r->job) r->job->output.tokens = n[7];
#endif
    llmfi_frame_taken(c);
    if (c->stop) { /* its callback has had enough */
        c->f->deferred = true;
        return;
    }
    r->terminal = true;
    llmfi_reply_end(r, true);
    if (r->error.code == LLMF_OK) r->finish = (int)n[1];
    llmfi_finish(c);
}

/* A call has ended and is settled. */
static void llmfi_cache_keep(llmfi_call *c) {
    llmf_factory *f = c->f;
    const llmf_cache_store *s = f->desc.cache_store;
    int64_t wall = llmfi_wall(f);
    bool polling = f->polling;
    llmfi_cached *e;
    llmfi_out out;
    if (!c->cache->write || c->response.error.code != LLMF_OK) return; /* without its terminal event it would be TRUNCATED */
    llmfi_out_count(&out);
    llmfi_cache_write(c, wall, &out);
    e = llmfi_cached_new(f, c->cache->key, out.total + LLMFI_SHA256);
    if (!e) return;
    llmfi_out_window(&out, (char *)(e + 1), e->len - LLMFI_SHA256, 0);
    llmfi_cache_write(c, wall, &out);
    llmfi_cache_digest(e->key, llmfi_str(llmfi_cached_blob(e), out.len), (unsigned char *)(e + 1) + out.len);
    f->polling = true;
    if (s && s->put) s->put(s->user, e->key, llmfi_str(llmfi_cached_blob(e), e->len), f->desc.cache_ttl_ms > 0 ? f->desc.cache_ttl_ms : 0);
    f->polling = polling;
    llmfi_cache_list(f, e);
    if (!e->listed) llmfi_heap_free(&f->heap, e);
}

/* The call is given back. */
static void llmfi_cache_leave(llmfi_call *c) {
    if (!c->cache) return;
    llmfi_cache_let_go(c);
    llmfi_heap_free(&c->f->heap, c->cache);
}

#else

static bool llmfi_cache_mode_ok(llmfi_call *c) {
    return !c->req.response_cache || c->req.response_cache == LLMF_CACHE_OFF || llmfi_error_left_out(&c->reply.error, "llmf_request", "CACHE");
}

LLMF_API void llmf_cache_clear(llmf_factory *f) {
    (void)f;
}

#endif

LLMF_API void llmf_cache_abi(const llmf_factory *f, llmf_cache_info *info, size_t info_size) {
    llmf_cache_info i;
    memset(&i, 0, sizeof i);
#if LLMF_HAS_CACHE
    if (f) {
        i.entries = f->cache.entries;
        i.bytes = f->cache.bytes;
        i.hits = f->cache.hits;
        i.misses = f->cache.misses;
    }
#endif
    (void)f;
    if (info) memcpy(info, &i, info_size < sizeof i ? info_size : sizeof i);
}

#endif
