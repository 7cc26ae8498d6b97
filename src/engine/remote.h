/* Config from a network: what sources of llmf_desc that are not files hold is fetched as documents, before the config is read. Wants are carried out, a few at a
   time, by fetches; one may give rise to others (a list, the objects in it). Nothing here blocks: llmf_open and llmf_reload wait by polling, the watch does not.

   A source that cannot be had: its last good copy out of llmf_desc.config_copy, with a warning that says its age, else the loading has failed and all stays as it was. */
#ifndef LLMFI_ENGINE_REMOTE_H
#define LLMFI_ENGINE_REMOTE_H
#include "../factory/aws_services.h"
#include "../factory/origin.h"
#include "../factory/sources.h"
#include "changes.h"
#include "fetch.h"
#include "keys.h"

#if LLMF_HAS_SOURCES

/* Objects of lists; as how many of them a page counts; bytes of a key; fetches at once; times that one thing is asked for; redirects and regions that are followed. */
enum { LLMFI_LISTED_MOST = 100000, LLMFI_PAGE_COUNTS = 100, LLMFI_S3_KEY_MOST = 1024, LLMFI_CARRIERS = 8, LLMFI_WANT_TRIES = 4, LLMFI_WANT_MOVES = 5 };
/* Milliseconds: until a connection stands, for a whole reply, before the second try (doubled before each further one) and at most, between two questions to a hook. */
enum { LLMFI_WANT_CONNECT_MS = 10000, LLMFI_WANT_TOTAL_MS = 30000, LLMFI_WANT_WAIT_MS = 250, LLMFI_WANT_WAIT_MOST_MS = 5000, LLMFI_WANT_HOOK_MS = 20 };

enum { LLMFI_WANT_HTTP, LLMFI_WANT_AWS, LLMFI_WANT_HOOK };

typedef struct llmfi_want {
    struct llmfi_want *next;
    int kind;                                /* LLMFI_WANT_… */
    size_t source;
    llmf_str name;                           /* the URI that messages and documents name */
    llmf_str url;                            /* of HTTP: where it is now looked for */
    llmfi_aws_source aws;                    /* of AWS */
    llmf_str token;                          /* of a list: where its next page begins */
    bool optional;                           /* where it does not exist nothing is missing */
    struct llmfi_awaited *plugin;            /* what it is for; NULL: it is config */
    int tries, moves;                        /* used up */
    uint64_t due_ns;                         /* not before */
    uint64_t late_ns;                        /* of HOOK: when it has been asked long enough */
} llmfi_want;

typedef struct llmfi_carrier {
    llmfi_fetch fetch;
    llmfi_want *want;                        /* NULL: idle */
    llmfi_service_request ask;               /* of AWS: what is sent, and its signature */
    llmfi_service_signed sign;
} llmfi_carrier;

#if LLMF_HAS_PLUGINS
/* A plugin that the config names by its URL. */
typedef struct llmfi_awaited {
    struct llmfi_awaited *next;
    llmf_str url;
    llmfi_so so;                             /* its bytes, as they come */
    llmf_error error;
    bool done;
} llmfi_awaited;
#endif
/* Stands in place of a source's number. */
#define LLMFI_NO_SOURCE ((size_t)-1)

/* A source that cannot be had. */
typedef struct llmfi_lost {
    struct llmfi_lost *next;
    size_t source;
    llmf_error error;
} llmfi_lost;

struct llmfi_loading {
    llmfi_arena arena;
    llmfi_want *wants;                       /* that nobody carries out yet */
    llmfi_carrier carriers[LLMFI_CARRIERS];
    llmfi_document *documents;               /* what has come */
    size_t count;
#if LLMF_HAS_PLUGINS
    llmfi_awaited *plugins;
#endif
    uint32_t listed;                         /* objects that lists had */
    llmfi_lost *lost;
    bool quiet;                              /* the watch's: where nothing has changed, nothing is told */
    bool memory;                             /* was refused */
};

/* Where a hook puts its documents. */
struct llmf_documents {
    llmf_factory *f;
    const llmfi_want *want;
    int failed;                              /* llmf_result */
};

static const llmfi_document *llmfi_document_of(const llmf_factory *f, size_t source, llmf_str name) {
    const llmfi_document *d = f->documents;
    while (d && (d->source != source || !llmfi_eq(d->name, name))) d = d->next;
    return d;
}

/* ---- wants ---- */

static llmfi_want *llmfi_want_new(struct llmfi_loading *l, int kind, size_t source, llmf_str name) {
    llmfi_want *w = (llmfi_want *)llmfi_arena_alloc(&l->arena, sizeof *w), **link = &l->wants;
    if (!w) return NULL;
    w->kind = kind;
    w->source = source;
    w->name = w->url = llmfi_arena_copy(&l->arena, name);
    while (*link) link = &(*link)->next;
    *link = w;
    return w;
}

static bool llmfi_source_lost(const struct llmfi_loading *l, size_t source) {
    const llmfi_lost *lost = l->lost;
    while (lost && lost->source != source) lost = lost->next;
    return lost != NULL;
}

/* Gives up a source: what else is wanted of it is wanted no more. */
static void llmfi_want_lost(llmf_factory *f, const llmfi_want *w, const llmf_error *err) {
    struct llmfi_loading *l = f->loading;
    llmfi_lost *lost = llmfi_source_lost(l, w->source) ? NULL : (llmfi_lost *)llmfi_arena_alloc(&l->arena, sizeof *lost);
    if (!lost) return;
    lost->source = w->source;
    lost->error = *err;
    lost->next = l->lost;
    l->lost = lost;
}

static void llmfi_want_failed(llmf_factory *f, const llmfi_want *w, int code, const char *what) {
    llmf_error err;
    llmfi_text t = llmfi_error_begin(&err, code);
    llmfi_say_path(&t, w->name);
    LLMFI_SAY(&t, ": ");
    llmfi_say_c(&t, what);
    llmfi_want_lost(f, w, &err);
}

static void llmfi_want_put(llmf_factory *f, llmfi_want *w) {
    w->next = f->loading->wants;
    f->loading->wants = w;
}

static void llmfi_want_got(llmf_factory *f, const llmfi_want *w, llmf_str name, llmf_str etag, llmf_str text) {
    struct llmfi_loading *l = f->loading;
    llmfi_document *d;
#if LLMF_HAS_PLUGINS
    if (w->plugin) { /* the sink has it */
        w->plugin->done = true;
        return;
    }
#endif
    if (text.len > LLMF_MAX_FILE) llmfi_want_failed(f, w, LLMF_ERR_LIMIT, "is larger than LLMF_MAX_FILE; split it, or build with a larger limit");
    else if (++l->count > LLMF_MAX_FILES) llmfi_want_failed(f, w, LLMF_ERR_LIMIT, "has more documents than LLMF_MAX_FILES; build with a larger limit");
    else if ((d = llmfi_document_new(&f->heap, w->source, name, etag, text)) == NULL) l->memory = true;
    else {
        d->fetched_ms = llmfi_wall(f);
        llmfi_document_insert(&l->documents, d);
    }
}

/* Once more, later: the first time soon, or when the server says. False: it was the last. */
static bool llmfi_want_again(llmf_factory *f, llmfi_want *w, int64_t asked_ms) {
    int64_t ms = (int64_t)LLMFI_WANT_WAIT_MS << w->tries;
    if (asked_ms > ms) ms = asked_ms;
    if (ms > LLMFI_WANT_WAIT_MOST_MS) ms = LLMFI_WANT_WAIT_MOST_MS;
    if (++w->tries >= LLMFI_WANT_TRIES) return false;
    w->due_ns = llmfi_after_ms(f->now_ns, ms);
    llmfi_want_put(f, w);
    return true;
}

/* ---- http ---- */

static void llmfi_want_http(llmf_factory *f, llmfi_carrier *c) {
    const llmfi_document *kept = llmfi_document_of(f, c->want->source, c->want->name);
    size_t n = 0;
    c->fetch.headers[n].name = LLMFI_LIT("Accept");
    c->fetch.headers[n++].value = LLMFI_LIT("*/*");
    c->fetch.headers[n].name = LLMFI_LIT("User-Agent");
    c->fetch.headers[n++].value = LLMFI_LIT("llmfactory/" LLMF_VERSION);
    if (kept && kept->etag.len) {
        c->fetch.headers[n].name = LLMFI_LIT("If-None-Match");
        c->fetch.headers[n++].value = kept->etag;
    }
    llmfi_fetch_start(&c->fetch, LLMFI_LIT("GET"), c->want->url, n, LLMFI_WANT_CONNECT_MS, LLMFI_WANT_TOTAL_MS);
}

/* To where the server says: an address of http or https, or a path of the same host; never from https to http. */
static const char *llmfi_want_move(struct llmfi_loading *l, llmfi_want *w, llmf_str to) {
    llmfi_url from, url;
    llmfi_url_error bad;
    llmfi_buf joined;
    if (++w->moves > LLMFI_WANT_MOVES) return "is redirected too often";
    if (!to.len || !llmfi_url_parse(w->url, &from, &bad)) return "is redirected to nowhere";
    if (to.ptr[0] == '/' && !llmfi_starts(to, LLMFI_LIT("//"))) {
        size_t front = (size_t)(from.authority.ptr + from.authority.len - w->url.ptr);
        llmfi_buf_init(&joined, l->arena.heap, 4096);
        if (llmfi_buf_add(&joined, w->url.ptr, front) && llmfi_buf_add(&joined, to.ptr, to.len)) w->url = llmfi_arena_copy(&l->arena, llmfi_buf_str(&joined));
        else l->memory = true;
        llmfi_buf_free(&joined);
        return NULL;
    }
    if (!llmfi_url_parse(to, &url, &bad) || !url.port) return "is redirected to what is no URL";
    if (LLMFI_NAMED(from.scheme, "https") && !LLMFI_NAMED(url.scheme, "https")) return "is redirected from https to http, which anybody on the way could have written";
    w->url = llmfi_arena_copy(&l->arena, to);
    return NULL;
}

static void llmfi_status_failed(llmf_factory *f, const llmfi_want *w, int status) {
    char text[160];
    llmfi_text t = llmfi_text_in(text, sizeof text);
    int code = status == 404 || status == 410 ? LLMF_ERR_NOT_FOUND : status == 401 ? LLMF_ERR_AUTH : status == 403 ? LLMF_ERR_PERMISSION : status == 429 ? LLMF_ERR_RATE_LIMIT :
               status >= 500 ? LLMF_ERR_SERVER : LLMF_ERR_PROTOCOL;
    LLMFI_SAY(&t, "the server answers with status ");
    llmfi_say_int(&t, status);
    if (code == LLMF_ERR_NOT_FOUND) LLMFI_SAY(&t, ": is its address right?");
    if (code == LLMF_ERR_AUTH || code == LLMF_ERR_PERMISSION) LLMFI_SAY(&t, ": documents are asked for without a key; give such a source by llmf_desc.source");
    llmfi_want_failed(f, w, code, text);
}

static void llmfi_http_got(llmf_factory *f, llmfi_carrier *c) {
    llmfi_want *w = c->want;
    const llmfi_fetch *x = &c->fetch;
    const llmfi_document *kept;
    const char *why;
    if (x->status == 200) {
        llmfi_want_got(f, w, w->name, llmfi_cstr(x->etag), llmfi_buf_str(&x->body));
    } else if (x->status == 304 && (kept = llmfi_document_of(f, w->source, w->name)) != NULL) {
        llmfi_want_got(f, w, w->name, kept->etag, kept->text);
    } else if (x->status == 301 || x->status == 302 || x->status == 303 || x->status == 307 || x->status == 308) {
        why = llmfi_want_move(f->loading, w, llmfi_cstr(x->location));
        if (why) {
            llmfi_want_failed(f, w, LLMF_ERR_PROTOCOL, why);
            return;
        }
        llmfi_want_put(f, w);
    } else if (!((x->status == 429 || x->status >= 500) && llmfi_want_again(f, w, x->retry_after_ms))) {
        llmfi_status_failed(f, w, x->status);
    }
}

/* ---- AWS ---- */

/* A name that ends as a config file does is one object; any other is a folder. */
static bool llmfi_want_folder(struct llmfi_loading *l, llmfi_aws_source *s) {
    char *folder;
    size_t len = s->name.len;
    if (s->op != LLMFI_SERVICE_S3_GET || llmfi_source_wanted(llmfi_last_of(s->name))) return true;
    folder = (char *)llmfi_arena_alloc(&l->arena, len + 2);
    if (!folder) return false;
    memcpy(folder, s->name.ptr, len);
    folder[len] = '/';
    folder[len + 1] = '\0';
    s->name = llmfi_str(folder, len + 1);
    s->op = LLMFI_SERVICE_S3_LIST;
    return true;
}

/* A want of an address that begins with s3: or ssm:. NULL: no memory, or the source is lost. */
static llmfi_want *llmfi_want_aws_new(llmf_factory *f, size_t source, llmf_str uri, struct llmfi_awaited *plugin) {
    struct llmfi_loading *l = f->loading;
    llmfi_want *w = llmfi_want_new(l, LLMFI_WANT_AWS, source, uri);
    llmf_error err;
    if (!w || l->arena.failed) return NULL;
    w->plugin = plugin;
    if (llmfi_aws_source_parse(&w->aws, w->name, &l->arena, &err) && (plugin || llmfi_want_folder(l, &w->aws)) &&
        llmfi_service_locate(&w->aws.place, w->aws.op, w->aws.name, w->name, &f->env, &l->arena, &err))
        return w;
    if (!l->arena.failed) llmfi_want_lost(f, w, &err);
    return NULL;
}

static bool llmfi_want_ask(llmf_factory *f, llmfi_carrier *c, llmf_error *err) {
    llmfi_want *w = c->want;
    const llmfi_document *kept;
    llmfi_s3_wanted list;
    switch (w->aws.op) {
    case LLMFI_SERVICE_S3_LIST:
        memset(&list, 0, sizeof list);
        list.prefix = w->aws.name;
        list.delimiter = llmfi_str("", 0);
        list.token = w->token;
        return llmfi_s3_list(&c->ask, &w->aws.place, w->aws.bucket, &list, err);
    case LLMFI_SERVICE_S3_GET:
        kept = llmfi_document_of(f, w->source, w->name);
        return llmfi_s3_get(&c->ask, &w->aws.place, w->aws.bucket, w->aws.name, kept ? kept->etag : llmfi_str("", 0), err);
    default: return llmfi_ssm_get(&c->ask, &w->aws.place, w->aws.name, err);
    }
}

/* Signed and sent; where keys must be asked for first, it waits for them. False: it is not under way. */
static bool llmfi_want_aws(llmf_factory *f, llmfi_carrier *c) {
    llmfi_want *w = c->want;
    llmfi_aws_keys keys;
    llmf_error err;
    size_t i;
    int got;
    llmfi_error_clear(&err);
    got = llmfi_aws_find_named(&f->keys.aws, w->aws.place.profile, &f->env, llmfi_wall(f), &keys, &err);
    if (got == LLMFI_AWS_ASK) {
        llmfi_keys_ask(f);
        llmfi_want_put(f, w);
        return false;
    }
    if (got == LLMFI_AWS_NONE && err.code == LLMF_OK)
        llmfi_want_failed(f, w, LLMF_ERR_AUTH, "no keys for AWS: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE");
    else if (got == LLMFI_AWS_NONE || !llmfi_want_ask(f, c, &err) || !llmfi_service_sign(&c->ask, &keys, llmfi_wall(f), &c->sign, &err)) llmfi_want_lost(f, w, &err);
    if (llmfi_source_lost(f->loading, w->source)) return false;
    for (i = 0; i < c->sign.header_count; i++) c->fetch.headers[i] = c->sign.headers[i];
    c->fetch.out = llmfi_buf_str(&c->ask.body);
    llmfi_fetch_start(&c->fetch, c->ask.method, llmfi_buf_str(&c->ask.url), c->sign.header_count, LLMFI_WANT_CONNECT_MS, LLMFI_WANT_TOTAL_MS);
    return true;
}

/* A text of the arena that something puts; empty with `memory` where there is none. */
static llmf_str llmfi_want_text(struct llmfi_loading *l, const llmfi_buf *b) {
    if (l->memory) return llmfi_str("", 0);
    return llmfi_arena_copy(&l->arena, llmfi_buf_str(b));
}

/* An object of a list: wanted where its name is that of a config file. */
static void llmfi_want_object(llmf_factory *f, const llmfi_want *of, llmf_str key) {
    struct llmfi_loading *l = f->loading;
    llmfi_buf name;
    llmfi_want *w;
    if (!llmfi_source_wanted(llmfi_last_of(key))) return;
    if (key.len > LLMFI_S3_KEY_MOST) {
        llmfi_want_failed(f, of, LLMF_ERR_PROTOCOL, "lists an object whose key is longer than a key can be");
        return;
    }
    llmfi_buf_init(&name, &f->heap, 4096);
    if (!llmfi_buf_add(&name, "s3://", 5) || !llmfi_buf_add(&name, of->aws.bucket.ptr, of->aws.bucket.len) || !llmfi_buf_add(&name, "/", 1) || !llmfi_buf_add(&name, key.ptr, key.len))
        l->memory = true;
    w = l->memory ? NULL : llmfi_want_new(l, LLMFI_WANT_AWS, of->source, llmfi_buf_str(&name));
    if (w) {
        w->aws = of->aws;
        w->aws.op = LLMFI_SERVICE_S3_GET;
        w->aws.name = llmfi_from(w->name, w->name.len - key.len);
    }
    llmfi_buf_free(&name);
}

static void llmfi_list_got(llmf_factory *f, llmfi_want *w, llmf_str body) {
    struct llmfi_loading *l = f->loading;
    llmfi_s3_page page;
    llmfi_buf text;
    llmfi_out o;
    llmf_error err;
    if (!llmfi_s3_page_begin(&page, body, w->name, &err)) {
        llmfi_want_lost(f, w, &err);
        return;
    }
    l->listed += LLMFI_PAGE_COUNTS; /* one may be empty, and yet be followed by another, for ever */
    llmfi_buf_init(&text, &f->heap, 0);
    while (!l->memory && l->listed <= LLMFI_LISTED_MOST && llmfi_s3_list_next(&page) == LLMFI_S3_KEY) {
        l->listed++;
        text.len = 0;
        llmfi_out_buf(&o, &text);
        if (llmfi_s3_put(&page, &o, page.key) && !o.failed) llmfi_want_object(f, w, llmfi_buf_str(&text));
        l->memory = l->memory || o.failed;
    }
    if (l->listed > LLMFI_LISTED_MOST) llmfi_want_failed(f, w, LLMF_ERR_LIMIT, "lists more objects than can be looked at; name a folder of its own for the config");
    if (page.more && !llmfi_source_lost(l, w->source)) {
        text.len = 0;
        llmfi_out_buf(&o, &text);
        l->memory = l->memory || !llmfi_xml_put(&o, page.token) || o.failed;
        w->token = llmfi_want_text(l, &text);
        w->tries = 0;
        llmfi_want_put(f, w);
    }
    llmfi_buf_free(&text);
}

/* A parameter's value is the URI of a config, or a config. */
static void llmfi_parameter_got(llmf_factory *f, const llmfi_want *w, llmf_str body) {
    llmf_error err;
    llmfi_buf text;
    llmfi_out o;
    llmf_str value;
    llmfi_buf_init(&text, &f->heap, LLMF_MAX_FILE);
    llmfi_out_buf(&o, &text);
    if (!llmfi_service_value(LLMFI_SERVICE_SSM_GET, body, w->name, &o, NULL, &err)) {
        llmfi_want_lost(f, w, &err);
    } else {
        value = llmfi_trim(llmfi_buf_str(&text));
        if (llmfi_starts(value, LLMFI_LIT("s3://"))) {
            (void)llmfi_want_aws_new(f, w->source, value, w->plugin);
        } else if (llmfi_starts(value, LLMFI_LIT("https://")) || (!w->plugin && llmfi_starts(value, LLMFI_LIT("http://")))) {
            llmfi_want *next = llmfi_want_new(f->loading, LLMFI_WANT_HTTP, w->source, value);
            if (next) next->plugin = w->plugin;
        } else if (w->plugin) llmfi_want_failed(f, w, LLMF_ERR_CONFIG, "a parameter that stands for a plugin must hold its address: https://, or s3://");
        else llmfi_want_got(f, w, w->name, llmfi_str("", 0), llmfi_buf_str(&text));
    }
    if (text.ptr) llmfi_wipe(llmfi_str(text.ptr, text.cap));
    llmfi_buf_free(&text);
}

static void llmfi_aws_good(llmf_factory *f, llmfi_carrier *c) {
    llmfi_want *w = c->want;
    llmf_str body = llmfi_buf_str(&c->fetch.body);
    switch (w->aws.op) {
    case LLMFI_SERVICE_S3_LIST: llmfi_list_got(f, w, body); break;
    case LLMFI_SERVICE_S3_GET: llmfi_want_got(f, w, w->name, llmfi_cstr(c->fetch.etag), body); break;
    default: llmfi_parameter_got(f, w, body); break;
    }
}

static bool llmfi_is_passing(int code) {
    return code == LLMF_ERR_RATE_LIMIT || code == LLMF_ERR_SERVER || code == LLMF_ERR_OVERLOADED;
}

static void llmfi_aws_got(llmf_factory *f, llmfi_carrier *c) {
    llmfi_want *w = c->want;
    const llmfi_document *kept = llmfi_document_of(f, w->source, w->name);
    llmf_str region;
    llmf_error err;
    switch (llmfi_service_judge(w->aws.op, c->fetch.status, w->aws.place.region, llmfi_cstr(c->fetch.region), llmfi_buf_str(&c->fetch.body), w->name, &region, &err)) {
    case LLMFI_SERVICE_GOOD: llmfi_aws_good(f, c); return;
    case LLMFI_SERVICE_SAME:
        if (kept) llmfi_want_got(f, w, w->name, kept->etag, kept->text);
        else llmfi_want_failed(f, w, LLMF_ERR_PROTOCOL, "is said not to have changed, but was never had");
        return;
    case LLMFI_SERVICE_REGION:
        if (w->moves++ == 0) {
            w->aws.place.region = llmfi_arena_copy(&f->loading->arena, region);
            llmfi_want_put(f, w);
            return;
        }
        break;
    default: break;
    }
    if (w->optional && err.code == LLMF_ERR_NOT_FOUND) return;
    if (!llmfi_is_passing(err.code) || !llmfi_want_again(f, w, c->fetch.retry_after_ms)) llmfi_want_lost(f, w, &err);
}

/* "ssm:" alone: the parameters of models and of providers, by the names that variables give, or by the usual ones. */
static void llmfi_want_parameters(llmf_factory *f, size_t source) {
    static const struct { const char *variable, *usual; } rows[] = {{"SSM_MODELS_PATH_PARAMETER", "/LLM_CONFIG/MODELS_CONFIG_S3_PATH"},
                                                                    {"SSM_PROVIDER_PATH_PARAMETER", "/LLM_CONFIG/PROVIDER_MODULES_S3_PATH"}};
    char uri[1100] = "ssm:";
    size_t i;
    for (i = 0; i < LLMFI_COUNT(rows); i++) {
        llmf_str name = llmfi_env_filled(&f->env, llmfi_cstr(rows[i].variable));
        bool usual = !name.len;
        llmfi_want *w;
        if (usual) name = llmfi_cstr(rows[i].usual);
        if (name.len > sizeof uri - 5) name.len = sizeof uri - 5; /* no parameter has such a name */
        memcpy(uri + 4, name.ptr, name.len);
        w = llmfi_want_aws_new(f, source, llmfi_str(uri, name.len + 4), NULL);
        if (w) w->optional = usual && i == 1;
    }
}

/* ---- the hook ---- */

LLMF_API llmf_result llmf_document_add(llmf_documents *into, const char *name, llmf_str text) {
    llmf_str given = llmfi_cstr(name);
    if (!into || (text.len && !text.ptr)) return LLMF_ERR_ARGUMENT;
    llmfi_want_got(into->f, into->want, given.len ? given : into->want->name, llmfi_str("", 0), text);
    return into->f->loading->memory ? LLMF_ERR_MEMORY : LLMF_OK;
}

static void llmfi_want_hook(llmf_factory *f, llmfi_want *w) {
    llmf_documents into;
    int got;
    if (!f->desc.source) {
        llmfi_want_failed(f, w, LLMF_ERR_CONFIG, "no source of config is known by this scheme; known: file: env: text: http: https: s3: ssm:, and what llmf_desc.source gives");
        return;
    }
    if (!w->late_ns) w->late_ns = llmfi_after_ms(f->now_ns, LLMFI_WANT_TOTAL_MS);
    into.f = f;
    into.want = w;
    into.failed = LLMF_OK;
    got = f->desc.source(f->desc.user, w->name.ptr, &into);
    if (got < 0) {
        llmfi_want_failed(f, w, got >= -LLMF_ERR_ALL_FAILED ? -got : LLMF_ERR_CONFIG, "llmf_desc.source cannot give it");
    } else if (got == 0 && f->now_ns >= w->late_ns) {
        llmfi_want_failed(f, w, LLMF_ERR_TIMEOUT, "llmf_desc.source has given nothing within 30 seconds");
    } else if (got == 0) { /* not yet */
        w->due_ns = llmfi_after_ms(f->now_ns, LLMFI_WANT_HOOK_MS);
        llmfi_want_put(f, w);
    }
}

/* ---- the work ---- */

static llmfi_want *llmfi_want_due(llmf_factory *f) {
    llmfi_want **link = &f->loading->wants, *w;
    while ((w = *link) != NULL) {
        if (llmfi_source_lost(f->loading, w->source)) {
            *link = w->next;
        } else if (w->due_ns > f->now_ns || (w->kind == LLMFI_WANT_AWS && llmfi_keys_asked(f))) {
            if (w->due_ns > f->now_ns) llmfi_fetch_due(f, w->due_ns);
            link = &w->next;
        } else {
            *link = w->next;
            w->next = NULL;
            return w;
        }
    }
    return NULL;
}

#if LLMF_HAS_PLUGINS
static bool llmfi_plugin_sink(void *user, const char *bytes, size_t len) {
    llmfi_awaited *a = (llmfi_awaited *)user;
    return llmfi_so_add(&a->so, bytes, len, &a->error);
}

/* Its bytes begin anew, whatever came of them before. */
static bool llmfi_plugin_begin(llmfi_carrier *c, llmfi_awaited *a) {
    c->fetch.sink = a ? llmfi_plugin_sink : NULL;
    c->fetch.sink_user = a;
    if (!a) return true;
    llmfi_so_close(&a->so);
    return llmfi_so_begin(&a->so, &a->error);
}

/* What the config asks for when it names a plugin by its URL: there, or to be waited for. */
static bool llmfi_plugin_fetched(void *user, llmf_str url, llmfi_so *into, llmf_error *err) {
    llmf_factory *f = (llmf_factory *)user;
    struct llmfi_loading *l = f->loading;
    llmfi_awaited *a = l ? l->plugins : NULL;
    llmfi_want *w;
    while (a && !(llmfi_eq(a->url, url) && a->done)) a = a->next;
    if (a) {
        llmfi_so_close(into);
        *into = a->so;
        llmfi_so_none(&a->so);
        a->done = false; /* where it is refused, and asked for again, it is fetched again */
        return true;
    }
    f->awaiting = true;
    llmfi_error_set(err, LLMF_ERR_NETWORK, "it must be fetched first");
    a = l ? (llmfi_awaited *)llmfi_arena_alloc(&l->arena, sizeof *a) : NULL;
    if (!a) return false;
    llmfi_so_none(&a->so);
    a->url = llmfi_arena_copy(&l->arena, url);
    a->next = l->plugins;
    l->plugins = a;
    if (llmfi_starts(url, LLMFI_LIT("https:"))) {
        w = llmfi_want_new(l, LLMFI_WANT_HTTP, LLMFI_NO_SOURCE, a->url);
        if (w) w->plugin = a;
    } else {
        (void)llmfi_want_aws_new(f, LLMFI_NO_SOURCE, a->url, a);
    }
    return false;
}
#else
static bool llmfi_plugin_begin(const llmfi_carrier *c, const void *a) {
    (void)c, (void)a;
    return true;
}
#endif

static void llmfi_want_start(llmf_factory *f, llmfi_carrier *c, llmfi_want *w) {
    if (!llmfi_plugin_begin(c, w->plugin)) {
        llmfi_want_failed(f, w, LLMF_ERR_MEMORY, "there is no room for a copy of it; look at the system's memory, or at /tmp");
        return;
    }
    c->want = w;
    switch (w->kind) {
    case LLMFI_WANT_HTTP: llmfi_want_http(f, c); break;
    case LLMFI_WANT_AWS:
        if (!llmfi_want_aws(f, c)) c->want = NULL;
        break;
    default:
        c->want = NULL;
        llmfi_want_hook(f, w);
        break;
    }
}

static void llmfi_carrier_over(llmf_factory *f, llmfi_carrier *c) {
    llmfi_want *w = c->want;
    const llmfi_fetch *x = &c->fetch;
    bool passing = x->result == LLMF_ERR_NETWORK || x->result == LLMF_ERR_TIMEOUT || x->result == LLMF_ERR_TRUNCATED;
    c->fetch.over = false;
    if (llmfi_source_lost(f->loading, w->source)) {}
    else if (x->result == LLMF_OK && w->kind == LLMFI_WANT_AWS) llmfi_aws_got(f, c);
    else if (x->result == LLMF_OK) llmfi_http_got(f, c);
    else if (x->result == LLMF_ERR_MEMORY) f->loading->memory = true;
    else if (!passing || !llmfi_want_again(f, w, 0)) llmfi_want_failed(f, w, x->result, x->why[0] ? x->why : "no reply");
    c->want = NULL;
    c->fetch.out = llmfi_str("", 0);
    llmfi_fetch_clear(&c->fetch);
    llmfi_service_signed_free(&c->sign);
}

static void llmfi_loading_end(llmf_factory *f);

/* Whatever can be done now. */
static void llmfi_loading_work(llmf_factory *f) {
    struct llmfi_loading *l = f->loading;
    bool busy = false;
    llmfi_want *w;
    size_t i;
    if (!l) return;
    for (i = 0; i < LLMFI_CARRIERS; i++)
        if (l->carriers[i].want && l->carriers[i].fetch.over) llmfi_carrier_over(f, &l->carriers[i]);
    for (i = 0; i < LLMFI_CARRIERS && !l->memory && !l->arena.failed; i++) {
        while (!l->carriers[i].want && (w = llmfi_want_due(f)) != NULL && !l->memory) llmfi_want_start(f, &l->carriers[i], w);
        busy = busy || l->carriers[i].want;
    }
    if (l->memory || l->arena.failed || (!busy && !l->wants)) llmfi_loading_end(f);
}

/* ---- from start to end ---- */

static void llmfi_loading_close(llmf_factory *f) {
    struct llmfi_loading *l = f->loading;
    size_t i;
    if (!l) return;
    f->loading = NULL;
    for (i = 0; i < LLMFI_CARRIERS; i++) {
        llmfi_fetch_close(&l->carriers[i].fetch);
        llmfi_service_signed_free(&l->carriers[i].sign);
        llmfi_service_request_free(&l->carriers[i].ask);
    }
    llmfi_documents_free(&f->heap, &l->documents);
#if LLMF_HAS_PLUGINS
    for (; l->plugins; l->plugins = l->plugins->next) llmfi_so_close(&l->plugins->so);
#endif
    llmfi_arena_free(&l->arena);
    llmfi_heap_free(&f->heap, l);
}

/* Of a document that comes unencrypted, from another machine, the log has a warning. */
static void llmfi_want_in_the_clear(llmf_factory *f, size_t source, llmf_str uri) {
    llmfi_url url;
    llmfi_url_error bad;
    char line[300];
    llmfi_text t = llmfi_text_in(line, sizeof line);
    (void)llmfi_want_new(f->loading, LLMFI_WANT_HTTP, source, uri);
    if (!llmfi_url_parse(uri, &url, &bad) || !LLMFI_NAMED(url.scheme, "http") || llmfi_origin_here(&url)) return;
    llmfi_say_path(&t, uri);
    llmfi_say_c(&t, ": warning: this config comes unencrypted, and anybody on the way can change it; use https://");
    llmfi_log(f, LLMF_LOG_WARNING, 8, llmfi_str(line, t.len));
}

/* False: no memory. */
static bool llmfi_loading_start(llmf_factory *f, bool quiet) {
    struct llmfi_loading *l = (struct llmfi_loading *)llmfi_heap_alloc(&f->heap, sizeof *l);
    const char *uri;
    size_t i;
    llmfi_loading_close(f);
    if (!l) return false;
    memset(l, 0, sizeof *l);
    llmfi_arena_init(&l->arena, &f->heap, 0);
    for (i = 0; i < LLMFI_CARRIERS; i++) {
        llmfi_fetch_init(&l->carriers[i].fetch, f, LLMF_MAX_FILE);
        llmfi_service_request_init(&l->carriers[i].ask, &f->heap);
        llmfi_service_signed_init(&l->carriers[i].sign, &f->heap);
    }
    l->quiet = quiet;
    f->loading = l;
    for (i = 0; (uri = llmfi_source_at(&f->desc, i)) != NULL; i++) {
        llmf_str rest;
        int kind = llmfi_source_kind(llmfi_cstr(uri), &rest);
        if (kind == LLMFI_SRC_SSM && !rest.len) llmfi_want_parameters(f, i);
        else if (kind == LLMFI_SRC_S3 || kind == LLMFI_SRC_SSM) (void)llmfi_want_aws_new(f, i, llmfi_cstr(uri), NULL);
        else if (kind == LLMFI_SRC_HTTP && !quiet) llmfi_want_in_the_clear(f, i, llmfi_cstr(uri));
        else if (kind >= LLMFI_SRC_HTTP) (void)llmfi_want_new(l, kind == LLMFI_SRC_HTTP ? LLMFI_WANT_HTTP : LLMFI_WANT_HOOK, i, llmfi_cstr(uri));
    }
    f->deferred = true;
    return true;
}

#else

LLMF_API llmf_result llmf_document_add(llmf_documents *into, const char *name, llmf_str text) {
    (void)into, (void)name, (void)text;
    return LLMF_ERR_NOT_BUILT;
}

#endif
#endif
