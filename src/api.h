/* The public types and functions. Each declaration tells: what it does; each parameter (what NULL or zero means, its unit); what
   comes back, who owns it and until when; which errors. Unless a declaration says otherwise it belongs to the thread that uses the
   factory at that time, and never blocks. */
#ifndef LLMFI_API_H
#define LLMFI_API_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LLMF_VERSION "0.1.0"
#define LLMF_ABI 1

/* How the functions are declared: `extern` by default; LLMF_STATIC=1 gives each translation unit its own private copy. */
#ifndef LLMF_API
#if defined(LLMF_STATIC) && defined(__GNUC__)
#define LLMF_API static __attribute__((unused))
#elif defined(LLMF_STATIC)
#define LLMF_API static
#else
#define LLMF_API extern
#endif
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- small types --------------------------------------------------------------------------------------------------

   What the functions and types of this section are for; their members are explained where they stand.
     llmf_str     A piece of text: not owned, UTF-8, may hold NUL. What the library hands out has a NUL behind it (not counted in len) where it is a member of
                  llmf_response or llmf_model_info; text of an event has none.
     llmf_model   A model as a name gives it, and a call under way. Plain ids: copy them freely. 0 is no handle; one that has ended is LLMF_ERR_STALE wherever it is used,
                  never another model or call.
     llmf_result  Numbers are never reused. llmf_result_name() gives "rate_limit" for LLMF_ERR_RATE_LIMIT, and so on.
     llmf_error   Why something did not work, and what to do about it. Never holds a key or a prompt.
     llmf_usage   Tokens. LLMF_UNKNOWN where the provider did not say: that is not 0. */
typedef struct llmf_str { const char *ptr; size_t len; } llmf_str;
typedef struct llmf_factory llmf_factory;
typedef struct llmf_model { uint64_t id; } llmf_model; typedef struct llmf_call { uint64_t id; } llmf_call;
typedef enum llmf_result {
    LLMF_OK = 0,
    LLMF_ERR_ARGUMENT = 1,         /* the caller's own mistake: the text names the field */
    LLMF_ERR_CONFIG = 2,           /* a config file or variable: file:line:column in the text */
    LLMF_ERR_UNKNOWN_MODEL = 3, LLMF_ERR_UNKNOWN_PROVIDER = 4,
    LLMF_ERR_NOT_BUILT = 5,        /* known, but left out of this build: the text names the macro */
    LLMF_ERR_UNSUPPORTED = 6,      /* this provider or model cannot do that */
    LLMF_ERR_AUTH = 7,             /* no key, or a wrong one */
    LLMF_ERR_PERMISSION = 8, LLMF_ERR_NOT_FOUND = 9, LLMF_ERR_RATE_LIMIT = 10, LLMF_ERR_QUOTA = 11, LLMF_ERR_CONTEXT_LENGTH = 12,
    LLMF_ERR_CONTENT_FILTER = 13, LLMF_ERR_BAD_REQUEST = 14, LLMF_ERR_OVERLOADED = 15, LLMF_ERR_SERVER = 16,
    LLMF_ERR_TIMEOUT = 17,         /* the text says which: connect, first byte, first content, idle, total */
    LLMF_ERR_NETWORK = 18, LLMF_ERR_TLS = 19,
    LLMF_ERR_PROTOCOL = 20,        /* the reply is not what the protocol says */
    LLMF_ERR_TRUNCATED = 21,       /* the reply ended before its end */
    LLMF_ERR_MEMORY = 22,          /* the block is used up: the text names the option to raise */
    LLMF_ERR_LIMIT = 23,           /* one of the limits of llmf_desc */
    LLMF_ERR_BUDGET = 24, LLMF_ERR_SCHEMA = 25, LLMF_ERR_CANCELLED = 26,
    LLMF_ERR_STALE = 27,           /* a handle that has ended */
    LLMF_ERR_ALL_FAILED = 28       /* every candidate failed: the text has each one's reason */
} llmf_result;
typedef struct llmf_error {
    int code;                      /* llmf_result */
    int http_status;               /* 0: no reply arrived */
    int64_t retry_after_ms;        /* as the provider asked; -1: it did not say */
    uint32_t line, column;         /* in the file that the text names, from 1; 0: not about a file */
    char provider_code[64];        /* the provider's own word for it; "" if it gave none */
    char text[512];                /* one sentence or more: what, where, what to do */
    llmf_str message;              /* the provider's own message, whole; lives as long as the call; empty otherwise */
} llmf_error;
#define LLMF_UNKNOWN ((int64_t)-1)
typedef struct llmf_usage {
    int64_t input;                 /* the whole prompt, cached and written tokens included */
    int64_t cache_read, cache_write;
    int64_t output;                /* all that was generated, reasoning included */
    int64_t reasoning;
} llmf_usage;

/* ---- opening and closing -------------------------------------------------------------------------------------------

   What the functions and types of this section are for; their members are explained where they stand.
     llmf_alloc_fn     One allocation at open, one release at close: ptr NULL, old 0: give `size` bytes; size 0: take back.
     llmf_retry        How failures are met. In each member 0 is what the next wider setting says: the request's max_retries, the model's keys in the config, its
                       provider's, those of llmf_desc, the defaults that stand here. A call is repeated only before its first content has been handed out, and only what
                       may pass is repeated: rate limits, overload, errors of the server and of the network, timeouts but the total one. The wait before the n-th repeat
                       is delay_ms * 2^(n-1), not below min_delay_ms nor above max_delay_ms, of which `jitter` percent are chance ("full jitter": 100); what the provider
                       asks for (Retry-After and its like) goes before. Where a call has a chain (fallbacks), a quota or rate limit moves it to the next model at once, as
                       does any other result of fallback_on once its repeats are used up; each model of the chain has repeats of its own, so a call asks at most (1 +
                       max_retries) * (1 + fallbacks) times. A model that has no quota left, or a wrong key, is passed over for cooldown_ms by calls that have another one
                       to go to; so is one that has failed breaker_failures times in a row, for breaker_ms; then one call tries it. A call whose models are all passed
                       over asks the one that may be asked first, after a wait of max_wait_ms at most, as a call without a chain does. Where breaker_failures was set by
                       somebody, both are refused (ALL_FAILED, OVERLOADED) meanwhile.
     llmf_resolve_fn   Turns a host name into addresses without blocking. Called from poll until it answers: put at most `cap` addresses as text ("127.0.0.1", "::1")
                       NUL-terminated into out, 64 bytes each, and return how many; 0: not found; -1: not yet, ask again.
     llmf_open         Opens a factory: reads the config, builds the tables. NULL on failure, with *err filled (every problem goes to the log hook; the text has the first
                       and the count). err may be NULL. Everything in *desc is copied but what its comment calls borrowed. Reads files, so may block.
     llmf_close        Ends all calls (no events any more), closes connections, wipes keys. NULL is nothing. Called inside a callback it is done when that llmf_poll
                       returns, which then is -LLMF_ERR_STALE.
     llmf_min_memory   Bytes of memory_size that this description needs at least, for max_calls plain calls of a few KB each, over TLS where BearSSL serves it. Reads the
                       config files, and the roots, to know.
     slice_us          (a member of llmf_desc) It ends with the step in which the time is up: an event; in a handshake by BearSSL one signature checked or one secret
                       agreed on, which no slice splits: 10 million instructions, about a millisecond on a PC, and 55 million where an authority signs with P-384
                       (README, Frames).
     pinned_keys       (a member of llmf_desc) SHA-256 of public keys (SubjectPublicKeyInfo in DER) in base64: "sha256//47DEQp…=;sha256//…". A server of https must have one
                       of them, whatever its host, besides a certificate that is verified (or not: insecure_tls); else the call ends in LLMF_ERR_TLS. What is malformed, and
                       what nobody would look at, as TLS is custom_stream's or custom_transport's, llmf_open refuses.
     secret            (a member of llmf_desc) Gives keys, for a program that has them from a broker of its own, or from a safe. Asked before config and variables are looked
                       at, when a call needs a key, for each provider that needs one, inside llmf_start, llmf_generate or llmf_poll; it must not call the library. *q says
                       which: provider; model, the name of the one that is asked; name, api_key_secret_name of its entry or of its provider's, or ""; origin, where the
                       key goes: "https://api.openai.com"; `again` not 0: the last one was refused (401). Write the key to out (cap bytes at most) and return its length; 0:
                       it has none, so config and variables count; -1: not yet, it is asked again by llmf_poll until the call's timeouts.connect_ms is over; below: minus
                       an llmf_result, and the call fails. expires_ms: set how many milliseconds the key may be used; 0: secret_ttl_ms. One key serves all calls with the
                       same provider, name and origin. Needs the option SECRETS, as the next two.
     secret_ttl_ms     (a member of llmf_desc) How long a key that was fetched (secret, api_key_file, api_key_secret_name, api_key_command) is used, at least a second; 0:
                       300,000; below 0: until its provider refuses it. One that is refused (401) is fetched anew, and the call repeated with it, once.
     allow_commands    (a member of llmf_desc) Not 0: api_key_command of the config is run, by /bin/sh (POSIX). 0: that is an error, so that a config which somebody else
                       writes runs no program.
     llmf_fail_memory  Fault injection: the nth request to the heap from now on is refused (0: none), and each later one too if `on`. */
enum { LLMF_LOG_ERROR = 1, LLMF_LOG_WARNING = 2, LLMF_LOG_INFO = 3, LLMF_LOG_DEBUG = 4 };
typedef void *(*llmf_alloc_fn)(void *user, void *ptr, size_t old_size, size_t size);
/* Milliseconds, 0: from config or the default; below 0: none. */
typedef struct llmf_timeouts {
    int64_t connect_ms;            /* until the connection stands, TLS included. Default 10,000 */
    int64_t first_byte_ms;         /* from there to the first byte of the reply. Default 300,000: a reply that is no stream begins when it is whole */
    int64_t first_content_ms;      /* from the start to the first text, reasoning or tool call. Default 600,000 */
    int64_t idle_ms;               /* the longest silence between two pieces of content; keep-alive comments do not count. Default 60,000 */
    int64_t total_ms;              /* Default none */
    int64_t queue_ms;              /* until the limits of its model have room for it. Default none */
} llmf_timeouts;
typedef struct llmf_retry {
    int64_t max_retries;           /* 2; below 0: none. Replayed recordings and the mock are not repeated unless somebody sets it */
    int64_t delay_ms, min_delay_ms, max_delay_ms; /* 500, 0, 8,000 */
    int64_t jitter;                /* 100; below 0: no chance */
    int64_t max_wait_ms;           /* 10,000: where the provider asks for more, the call fails, or moves on, at once; below 0: any wait */
    int64_t fallback_on;           /* a bit for each llmf_result, 1 << LLMF_ERR_…; all that another model might do better with */
    int64_t cooldown_ms;           /* 60,000; below 0: none */
    int64_t breaker_failures, breaker_ms; /* 5, 30,000; failures below 0: no breaker */
    int64_t max_concurrent;        /* calls of one model under way at once, the rest waits: none */
    int64_t hedge_ms;              /* without content by then the next of the chain, or else the same model, is asked too, and who answers first counts: none */
    int64_t min_bytes_per_s;       /* of a stream, over ten seconds; a slower one is a TIMEOUT: none */
} llmf_retry;
typedef struct llmf_transport llmf_transport; typedef struct llmf_stream_ops llmf_stream_ops; typedef struct llmf_budget_alert llmf_budget_alert;
typedef struct llmf_cache_store llmf_cache_store; typedef struct llmf_filter llmf_filter; typedef struct llmf_documents llmf_documents; typedef struct llmf_tokens_desc llmf_tokens_desc;
typedef struct llmf_reload_info { int result; const llmf_error *error; const char *const *changed; size_t changed_count; } llmf_reload_info;
typedef struct llmf_secret_query { const char *provider, *model, *name, *origin; int again; char *out; size_t cap; int64_t expires_ms; } llmf_secret_query;
typedef int (*llmf_resolve_fn)(void *user, const char *host, char (*out)[64], int cap);
struct llmf_span;
/* Everything has a good zero. */
typedef struct llmf_desc {
    const char *config;            /* a YAML or JSON file, a directory of them, or a URI: see "where config comes from"; NULL: none (the tables and the environment only) */
    const char *const *configs; size_t config_count; /* more of them, later over earlier */
    const char *config_text;       /* a config held in memory, laid over the files; NULL: none */
    const char *env_file;          /* a .env file: its lines stand in for missing environment variables. NULL: none */
    bool no_env, insecure_tls, no_global_init, metrics; /* the environment is not read; TLS is not verified: for tests on loopback only; the program calls curl_global_init itself; what llmf_metrics prints is counted */
    const char *(*getenv_fn)(void *user, const char *name); /* instead of getenv(); NULL: getenv */
    const char *provider;          /* default provider for names that say none; NULL: LLM_PROVIDER, or none */
    const char *base_url;          /* replaces the base URL of every provider's row (tests, proxies); NULL: the row's */
    const char *api_key, *api_key_env; /* one key for every provider, for tests and one-provider programs: itself, or the name of its variable; NULL: each provider's own */
    void *memory; size_t memory_size; /* the one block, yours until llmf_close; NULL: one allocation of memory_size bytes, by `alloc`. 0: 8 MiB */
    llmf_alloc_fn alloc;           /* for that one allocation, and for llmf_check and llmf_min_memory; NULL: malloc and free (LLMF_NO_MALLOC, LLMF_NO_STDLIB: none) */
    int max_calls, max_models;     /* calls at once; prepared models kept (LRU). 0: 64, 128 */
    size_t max_response, max_line, recv_size; /* bytes of one reply's body; of one event or line of a stream; read at a time. 0: 64 MiB, 8 MiB, 16 KiB */
    const char *transport;         /* "curl", "socket", "replay"; NULL: the first that is built in and serves the URL */
    const llmf_transport *custom_transport;     /* your own HTTP (borrowed until close); wins over `transport` */
    const llmf_stream_ops *custom_stream;       /* your own byte stream under our HTTP (borrowed until close) */
    int max_connections, max_idle; /* at once; kept open for the next call, below 0: none. 0: 100, 10 */
    const char *proxy;             /* curl only; NULL: none */
    const char *ca_file, *ca_pem;  /* PEM roots, in a file or in memory, which wins; NULL: those built in (LLMF_WITH_ROOTS), or the system's */
    llmf_resolve_fn resolve;       /* socket transport; NULL: getaddrinfo (LLMF_NO_GETADDRINFO: none), which may block llmf_poll for a look-up, but for LLMF_WITH_DNS_THREADS=1: then it has a thread */
    llmf_timeouts timeouts;
    int64_t slice_us;              /* longest piece of work of one llmf_poll, in microseconds; 0: until nothing is ready. See "opening and closing" */
    uint64_t (*clock_ns)(void *user);           /* monotonic nanoseconds; NULL: the system's. LLMF_NO_STDLIB: must be set */
    int64_t (*wall_ms)(void *user);             /* milliseconds since 1970; NULL: the system's. LLMF_NO_STDLIB: wanted for AWS signatures only */
    void (*random)(void *user, void *bytes, size_t len); /* for what separates the parts of an upload, and beside the system's for TLS by BearSSL; NULL: made from the time, and the system's alone */
    void (*log)(void *user, int level, int id, llmf_str text); int log_level; /* one line, no newline; NULL: silent. 0: LLMF_LOG_WARNING */
    void *user;                    /* handed to every hook above */
    llmf_retry retry;              /* of every call whose model's config says nothing */
    const char *const *fallbacks; size_t fallback_count; /* names of models to try next, for models that have no chain of their own; NULL: the providers of LLM_FALLBACK_PROVIDERS, by their default models */
    int max_batches;               /* requests of one LLMF_OP_EMBED call under way at once, each of which counts as a call; 0: 4 */
    int64_t budget_call_pico, budget_process_pico, budget_day_pico; /* what a call, all calls and those of a day (UTC) may cost; 0: the config's; LLMF_ZERO: nothing */
    void (*budget_alert)(void *user, const llmf_budget_alert *alert); /* a share of a budget is spent: see llmf_budget; inside llmf_poll; NULL: nobody is told */
    void (*span)(void *user, const struct llmf_span *span); /* each call at its end, and before it each of its attempts: see llmf_span. NULL: nobody asks */
    int cache_mode;                /* of calls that say none: LLMF_CACHE_ON, …; 0: off. See "answers kept" below, for this and the next four */
    int cache_entries;             /* answers kept in memory at most; 0: 1000; below 0: none, cache_store alone keeps them */
    size_t cache_bytes;            /* of the block that they take at most; 0: a quarter of it. Never more than half of it */
    int64_t cache_ttl_ms;          /* how long an answer is given again; 0: until there is no room for it */
    const llmf_cache_store *cache_store;        /* a store of your own behind them (borrowed until close); NULL: none */
    const llmf_filter *filters; size_t filter_count; /* see "filters" below (borrowed until close); NULL: none */
    const char *pinned_keys;       /* of https servers, as libcurl's CURLOPT_PINNEDPUBLICKEY has them: see "opening and closing"; NULL: any key */
    int64_t watch_ms;              /* how often llmf_poll looks whether a source of config has changed, and if so reloads; 0: never */
    const char *config_copy;       /* a file that keeps the last good copy of config from a network, for an llmf_open that cannot reach it; NULL: none */
    int (*source)(void *user, const char *uri, llmf_documents *into); /* gives the config of a URI of one's own: see "where config comes from"; NULL: nobody */
    void (*on_reload)(void *user, const llmf_reload_info *info); /* the config has been read again, or could not be: inside llmf_poll or llmf_reload; NULL: nobody is told */
    int64_t secret_ttl_ms; int (*secret)(void *user, llmf_secret_query *q); int allow_commands; /* keys by name, and a hook that gives keys: see "opening and closing"; 0, NULL: five minutes, nobody, and no command is run */
    const llmf_tokens_desc *ranks; size_t rank_count; /* rank files that tokens are counted with, see "tokens" (borrowed until close); NULL: none */
} llmf_desc;
LLMF_API llmf_factory *llmf_open_abi(int abi, const llmf_desc *desc, size_t desc_size, llmf_error *err);
static inline llmf_factory *llmf_open(const llmf_desc *desc, llmf_error *err) { return llmf_open_abi(LLMF_ABI, desc, sizeof *desc, err); }
LLMF_API void llmf_close(llmf_factory *f);
LLMF_API size_t llmf_min_memory_abi(const llmf_desc *desc, size_t desc_size);
static inline size_t llmf_min_memory(const llmf_desc *desc) { return llmf_min_memory_abi(desc, sizeof *desc); }
typedef struct llmf_memory_info {
    size_t block, permanent, used, high_water;  /* bytes: the whole block; taken for good at open; of the heap now; the most there was */
    uint64_t requests;                          /* pieces asked of the heap since open */
} llmf_memory_info;
LLMF_API void llmf_memory_abi(const llmf_factory *f, llmf_memory_info *info, size_t info_size);
static inline void llmf_memory(const llmf_factory *f, llmf_memory_info *info) { llmf_memory_abi(f, info, sizeof *info); }
LLMF_API void llmf_fail_memory(llmf_factory *f, uint64_t nth, bool on);

/* ---- where config comes from -------------------------------------------------------------------------------------------

   Each of llmf_desc.config and .configs names a source, later over earlier:
     models/  fast.yaml  file:fast.yaml    a file, or each .yaml, .yml and .json of a directory
     env:NAME  text:fast: {model_id: …}    the text that a variable holds; the text itself
     https://host/models.yaml              a document, asked for again with its ETag. http:// likewise: anybody on the way can change it
     s3://bucket/prefix                    the object of that name, if it ends in .yaml, .yml or .json, else each such object below it; "?region=…&path_style=true&endpoint=…" may
                                           follow. Signed for as Bedrock's requests are; AWS_ENDPOINT_URL_S3 and its like hold
     ssm:/name                             a parameter: a config, or the URI of one. "ssm:" alone: the parameters that SSM_MODELS_PATH_PARAMETER and
                                           SSM_PROVIDER_PATH_PARAMETER name, else /LLM_CONFIG/MODELS_CONFIG_S3_PATH and /LLM_CONFIG/PROVIDER_MODULES_S3_PATH
     anything:else                         llmf_desc.source is asked
   All but the first two need the option SOURCES. llmf_open and llmf_reload wait for a network by polling; a source that fails for a moment is asked again, four times in all.
     source            Gives the documents of a URI by llmf_document_add and returns 1; 0: not yet, it is asked again from llmf_poll; below 0: minus an llmf_result, it cannot.
     llmf_document_add One document: its name is for messages, and tells by its ending what it is and, where it is one model, its key (NULL: the URI). The text is copied.
                       LLMF_ERR_MEMORY, LLMF_ERR_ARGUMENT
     config_copy       Written whole or not at all, for its owner's eyes only, after each load that was good and brought something new. llmf_open takes from it what it cannot
                       reach, with a warning that says its age; llmf_reload does not.
     watch_ms          Files are looked at by size and time of change, documents by ETag. A new config that is wrong changes nothing, and is told once.
     llmf_reload_start Begins to read all sources again and returns at once: llmf_poll goes on with it, and on_reload tells the end. Any thread rule as for llmf_poll.
     llmf_reload_info  result LLMF_OK: swapped, and `changed` has the names: "models.fast", "providers.acme", "routes.main", "fallbacks.fast", "prompts.hello", "chains.tell", "budgets",
                       "default_model", "default_provider". Else *error says why the old config stays. All of it lives until the hook returns. */

/* ---- what a factory has learned ----------------------------------------------------------------------------------------

   Limits a minute, cool-downs, breakers, latencies, scores, what is spent of budgets: llmf_save writes them as bytes for llmf_load of another run, so that a device or a saved game does not forget who
   has just said no. Neither a key nor a prompt is in them. All need the option SAVE, those with files FILES too; all belong to the factory's thread.
     llmf_save        into `out`, at most cap bytes; returns how many there are: where that is more than cap (out NULL: 0), nothing of use was written
     llmf_load        what the same names know is laid over; times have gone on since, by the wall clock. Bytes that are damaged, cut or of another version are refused as a
                      whole: LLMF_ERR_ARGUMENT, and nothing is taken. err NULL: llmf_last_error tells
     llmf_save_file   the same into a file that is replaced as a whole: whenever the program ends, the old one or the new one is there. It is written beside it, as PATH.new.
                      May block for the disk. LLMF_ERR_CONFIG: it cannot be written
     llmf_load_file   LLMF_ERR_CONFIG: it cannot be read */
LLMF_API size_t llmf_save(llmf_factory *f, void *out, size_t cap);
LLMF_API llmf_result llmf_load(llmf_factory *f, const void *bytes, size_t len, llmf_error *err);
LLMF_API llmf_result llmf_save_file(llmf_factory *f, const char *path, llmf_error *err);
LLMF_API llmf_result llmf_load_file(llmf_factory *f, const char *path, llmf_error *err);

/* ---- models --------------------------------------------------------------------------------------------------------

   What the functions and types of this section are for; their members are explained where they stand.
     llmf_get          The handle of a name: a key of the config, a row of the table, or provider:model. The same name gives the same handle (but a route's: see llmf_route); the last
                       max_models of them are kept prepared. {0} on failure with *err filled (NULL is allowed): UNKNOWN_MODEL, UNKNOWN_PROVIDER, NOT_BUILT, CONFIG. name NULL: the default
                       provider's default model. A missing key is told when a call starts, not here.
     llmf_get_fresh    As llmf_get, after reading the config again (force_reload). Calls in flight and handles keep what they have until the new config is valid as a
                       whole.
     llmf_reload       Reads all sources again and swaps if they are valid; else the old config stays and *err tells. Waits for those of a network: see "where config
                       comes from".
     llmf_create       A handle of one's own: the named model with the settings of `config` (a YAML or JSON mapping with the keys of a model: "{temperature: 0,
                       max_tokens: 99}") laid over. Give it back with llmf_drop. NULL config: an unchanged copy.
     llmf_model_info   What is known of a model. Texts live until the next function that gets, makes, drops or calls a model, a reload or the close. Prices are
                       pico-dollars a token, LLMF_UNKNOWN if unknown (1 USD per million tokens = 1,000,000).
     llmf_quirk_name   The word that config files have for a quirk, from 0; NULL past the last.
     llmf_model_at     The i-th known model, from 0: the config's first, then the table's. False past the end.
     llmf_provider_at  The i-th provider, from 0: registered and config's first, then the table's, those left out of the build too. */
LLMF_API llmf_model llmf_get(llmf_factory *f, const char *name, llmf_error *err);
LLMF_API llmf_model llmf_get_fresh(llmf_factory *f, const char *name, llmf_error *err);
LLMF_API llmf_result llmf_reload(llmf_factory *f, llmf_error *err);
LLMF_API llmf_result llmf_reload_start(llmf_factory *f, llmf_error *err);
LLMF_API llmf_result llmf_document_add(llmf_documents *into, const char *name, llmf_str text);
LLMF_API llmf_model llmf_create(llmf_factory *f, const char *name, const char *config, llmf_error *err);
LLMF_API void llmf_drop(llmf_factory *f, llmf_model m);
typedef struct llmf_price_tier {
    int64_t above;                              /* input tokens: the prices of a prompt that has more */
    int64_t input, output, cache_read, cache_write;
} llmf_price_tier;
typedef struct llmf_model_info {
    llmf_str name, provider, model_id, dialect, base_url, description;
    int64_t context_window, max_output;         /* tokens; LLMF_UNKNOWN */
    int64_t price_input, price_output, price_cache_read, price_cache_write;
    uint32_t capabilities;                      /* LLMF_CAN_… */
    bool configured, has_key;                   /* a key of the config, not only a row of the table; its provider needs none, or one is there */
    int unavailable;                            /* llmf_result why a call could not start; LLMF_OK */
    int64_t price_cache_write_1h;               /* kept for an hour; price_cache_write: for five minutes */
    llmf_price_tier tiers[4];                   /* of long prompts, the shortest first */
    size_t tier_count;
    uint32_t quirks;                            /* bit i: what llmf_quirk_name(i) says, its provider's included */
    int32_t ends;                               /* yyyymmdd: the day its provider takes it away; 0: none is known */
    int32_t checked;                            /* yyyymmdd: the day the table's facts are of; 0: not in the table */
    uint64_t score_count;                       /* outcomes that llmf_score has told */
    double score;                               /* their mean; 0: none */
} llmf_model_info;
LLMF_API const char *llmf_quirk_name(int bit);
enum { LLMF_CAN_TOOLS = 1, LLMF_CAN_IMAGES = 2, LLMF_CAN_AUDIO = 4, LLMF_CAN_FILES = 8, LLMF_CAN_REASON = 16, LLMF_CAN_SCHEMA = 32, LLMF_CAN_EMBED = 64, LLMF_CAN_TRANSCRIBE = 128 };
LLMF_API llmf_result llmf_model_info_abi(llmf_factory *f, llmf_model m, llmf_model_info *info, size_t info_size);
static inline llmf_result llmf_describe(llmf_factory *f, llmf_model m, llmf_model_info *info) { return llmf_model_info_abi(f, m, info, sizeof *info); }
LLMF_API bool llmf_model_at_abi(llmf_factory *f, size_t i, llmf_model_info *info, size_t info_size);
static inline bool llmf_model_at(llmf_factory *f, size_t i, llmf_model_info *info) { return llmf_model_at_abi(f, i, info, sizeof *info); }
typedef struct llmf_provider_info {
    llmf_str name, dialect, base_url, key_variable, default_model;
    bool needs_key, has_key, primary;
    int unavailable;                            /* llmf_result why it cannot be used; LLMF_OK */
    char reason[160];                           /* the same in words, with what to do; "" */
} llmf_provider_info;
LLMF_API bool llmf_provider_at_abi(llmf_factory *f, size_t i, llmf_provider_info *info, size_t info_size);
static inline bool llmf_provider_at(llmf_factory *f, size_t i, llmf_provider_info *info) { return llmf_provider_at_abi(f, i, info, sizeof *info); }

/* ---- requests ------------------------------------------------------------------------------------------------------

   What the functions and types of this section are for; their members are explained where they stand.
     simulate_stream (a member of llmf_request) Where a reply comes whole - the provider cannot stream, the answer was kept, a filter wants to see all of it, or no stream was
                     asked for - its TEXT, REASONING and REFUSAL events have that many words each, and each llmf_poll lets one of them come, for llmf_next or the callback;
                     nothing waits for time to pass, so the program's own pace is the stream's. The pieces joined are the text, byte for byte; one ends behind blanks, and what
                     has none for 48 bytes counts as a word (no character is cut). All else comes as always, the final event last. llmf_cancel and LLMF_STOP make the rest
                     come in one piece. A reply that streams stays as it is, as all do in a build without the option SIMULATE.
     LLMF_ZERO       For numbers whose zero means "not set": a true zero.
     llmf_part       One piece of a message with several. Of data, path and url give one.
     llmf_tool_call  A function that the model wants called. `arguments` is JSON text: "{}" where it gave none.
     llmf_input      What the operations besides chat are about; a member of another one is not looked at. From the llmf_request they take user, extra, flags, timeouts
                     and on_event; LLMF_OP_TRANSCRIBE also prompt, temperature, stream and format ("text": the provider shall send no JSON); LLMF_OP_COUNT_TOKENS all of
                     it. */
enum { LLMF_USER = 0, LLMF_ASSISTANT = 1, LLMF_SYSTEM = 2, LLMF_TOOL = 3 };
enum { LLMF_PART_TEXT = 0, LLMF_PART_IMAGE = 1, LLMF_PART_AUDIO = 2, LLMF_PART_FILE = 3 };
enum { LLMF_UNSET = 0, LLMF_YES = 1, LLMF_NO = 2 };
#define LLMF_ZERO (-1.0)
typedef struct llmf_part {
    int type;                      /* LLMF_PART_… */
    const char *text;              /* of a text part */
    size_t text_len;               /* 0: text ends with NUL */
    const void *data;              /* bytes: borrowed until the final event, never copied */
    size_t data_len;
    const char *path;              /* a file, read when the call starts */
    const char *url;               /* the provider fetches it, or a data: URL */
    const char *media_type;        /* "image/png"; NULL: from the file's first bytes or name */
    const char *name;              /* of a file */
    const char *detail;            /* of an image: "low", "high", "auto"; NULL: not sent */
} llmf_part;
typedef struct llmf_tool_call {
    llmf_str id, name, arguments;
    bool invalid;                  /* in a response: arguments is no valid JSON (cut off): as it came */
} llmf_tool_call;
typedef struct llmf_message {
    int role;                      /* LLMF_USER … LLMF_TOOL */
    const char *content; size_t content_len; /* 0: content ends with NUL (or is NULL) */
    const llmf_part *parts; size_t part_count; /* besides content, after it; NULL: none */
    const llmf_tool_call *tool_calls; size_t tool_call_count; /* of an assistant message */
    llmf_str state;                /* of an assistant message: llmf_response.state of that turn, so that reasoning goes on */
    llmf_str reasoning;            /* of an assistant message: for the providers that want it sent back */
    llmf_str tool_call_id, name;   /* of a tool message: which call this answers, and its function */
    bool is_error;                 /* of a tool message: the tool failed */
} llmf_message;
typedef struct llmf_tool {
    const char *name, *description;
    const char *parameters;        /* JSON Schema text of an object; NULL: no parameters */
    bool strict;
} llmf_tool;
enum {
    LLMF_BORROW = 1,               /* do not copy texts: everything in the request stays valid until the final event */
    LLMF_KEEP_RAW = 2,             /* keep the reply's body: llmf_response.raw */
    LLMF_DISCARD_TEXT = 4          /* do not gather text and reasoning in the response: they are in the events only */
};
/* What a request asks for. One that a provider does not have is LLMF_ERR_UNSUPPORTED; the text names those that have it. */
enum {
    LLMF_OP_CHAT = 0,              /* an answer to messages */
    LLMF_OP_EMBED = 1,             /* vectors of texts */
    LLMF_OP_TRANSCRIBE = 2,        /* the text of an audio file */
    LLMF_OP_COUNT_TOKENS = 3,      /* how many tokens the provider counts in what would else be a chat */
    LLMF_OP_LIST_MODELS = 4        /* the ids of the provider's models, a page at a time */
};
typedef struct llmf_input {
    /* LLMF_OP_EMBED */
    const llmf_str *texts;         /* any number: more than the provider takes at once go out as several requests, llmf_desc.max_batches at a time */
    size_t text_count;
    int64_t dimensions;            /* of a vector; 0: as many as the model gives */
    const char *purpose;           /* NULL, "document", "query", "classification", "clustering", "similarity": goes to the providers that tell them apart */
    float *vectors;                /* where they shall be, in the order of the texts; borrowed until the final event. NULL: kept with the call, in the block */
    size_t vector_cap;             /* floats there: text_count times the dimensions of the model at least */
    /* LLMF_OP_TRANSCRIBE */
    const llmf_part *audio;        /* data or path; a file is read while it is sent, so that it need not fit into the block */
    const char *language;          /* "en"; NULL: the model finds out */
    bool segments;                 /* with the times of each piece, where the model can */
    /* LLMF_OP_LIST_MODELS */
    const char *page;              /* llmf_output.next_page of the page before; NULL: the first */
} llmf_input;
struct llmf_event;
enum { LLMF_CONTINUE = 0, LLMF_STOP = 1, LLMF_SKIP = 2 };
typedef struct llmf_request {
    const char *prompt;            /* one user message; or messages below */
    size_t prompt_len;             /* 0: ends with NUL */
    const char *system;            /* NULL: none */
    size_t system_len;
    const llmf_message *messages;
    size_t message_count;
    const llmf_tool *tools; size_t tool_count;
    const char *tool_choice;       /* NULL or "auto", "none", "required", or a tool's name */
    int parallel_tool_calls;       /* LLMF_UNSET, LLMF_YES, LLMF_NO */
    const char *format;            /* NULL or "text", "json", or the text of a JSON Schema */
    double temperature;            /* 0: the config's or the provider's default; LLMF_ZERO: 0 */
    double top_p;                  /* likewise */
    int64_t max_tokens;            /* 0: the config's or the default */
    const char *const *stop; size_t stop_count;
    int64_t seed;
    bool use_seed, cache, stream;  /* send `seed`; mark the prompt as worth caching, where a provider wants that said; ask for a stream: events come either way */
    const char *reasoning;         /* NULL, "none", "minimal", "low", "medium", "high", or "4096 tokens" */
    const char *user;              /* an id of your end user; NULL: none */
    const char *extra;             /* JSON object: members laid into the provider's body as they are */
    uint32_t flags;                /* LLMF_BORROW, … */
    llmf_timeouts timeouts;
    int (*on_event)(void *user, const struct llmf_event *ev); void *on_event_user; /* runs inside llmf_poll; returns LLMF_CONTINUE or LLMF_STOP (= cancel); NULL: llmf_next */
    int op;                        /* LLMF_OP_… */
    const llmf_input *input;       /* of the other operations than chat; NULL: nothing */
    int max_retries;               /* 0: as the model has it; below 0: none */
    int priority;                  /* where limits make calls wait, the higher goes first; 0: the usual one */
    const llmf_model *fallbacks; size_t fallback_count; /* the chain of this call, instead of its model's; NULL with a count of 0: that; with 1 or more: no chain */
    int64_t budget_pico;           /* what the call may cost; 0: the factory's; LLMF_ZERO: nothing */
    const char *trace_parent;      /* W3C traceparent of the span that this call is part of: it is checked, sent on, and its trace is the call's; NULL: none, and no header */
    int response_cache, simulate_stream; /* LLMF_CACHE_…: whether an answer that is kept will do, and whether this one is kept, 0: as llmf_desc.cache_mode says; see below, 0: no */
} llmf_request;

/* ---- calls ---------------------------------------------------------------------------------------------------------

   What the functions and types of this section are for; their members are explained where they stand.
     llmf_start        Starts a call and returns at once. {0} only where there is no room for one more call or f or req is NULL: then llmf_last_error tells. Any other
                       failure, a missing key too, is the call's final event. Give every call back with llmf_free.
     llmf_poll         Does what can be done: connects, reads, decodes, keeps time. timeout_ms 0: returns at once; above: waits at most that long for something to happen;
                       below 0: until something happens. Returns how many calls have not yet had their final event taken, or minus an llmf_result.
     llmf_next         The next event of a call, into *ev. False: none now (or the handle is stale, or the final event has been taken).
     llmf_next_any     The next event of any call that has no callback: ev->call tells which.
     llmf_cancel       Ends a call now: the connection is closed, the final event is CANCELLED with what had arrived. A call that has ended is left as it is.
     llmf_free         Gives a call and all its memory back, cancelling it first if need be (without an event).
     llmf_status       Where a call stands: LLMF_OK under way or done well, its error, or STALE. *done (NULL allowed): it has ended.
     llmf_generate     Start, wait, collect: blocks until the call ends, serving all others meanwhile. Returns the call's result; *r is filled either way. Give *r back
                       with llmf_release.
     llmf_last_error   The last failure of a function that has no other way to tell.
     llmf_result_name  "rate_limit" for LLMF_ERR_RATE_LIMIT; any thread.
     llmf_finish_name  "tool_calls" for LLMF_FINISH_TOOL_CALLS, "" for NONE; any thread.
     llmf_build_info   Version, transports, providers, options of this build, one a line; static; any thread. */
enum {
    LLMF_FINISH_NONE = 0, LLMF_FINISH_STOP = 1, LLMF_FINISH_LENGTH = 2, LLMF_FINISH_TOOL_CALLS = 3, LLMF_FINISH_CONTENT_FILTER = 4,
    LLMF_FINISH_REFUSAL = 5, LLMF_FINISH_OTHER = 6
};
typedef struct llmf_citation { llmf_str url, title; } llmf_citation;
/* One request to one model. */
typedef struct llmf_attempt {
    llmf_str provider, model;
    int error, http_status;        /* llmf_result; 0: no reply */
    int64_t latency_ms, wait_ms;   /* waited before it, since the one before had ended */
} llmf_attempt;
/* A piece of a transcript. */
typedef struct llmf_segment {
    double start, end;             /* seconds from the beginning; below 0: not said */
    llmf_str text, speaker;        /* empty: not said */
} llmf_segment;
/* What the operations besides chat gave, as long as the response. Where there is none: 0, NULL, empty or LLMF_UNKNOWN. */
typedef struct llmf_output {
    const float *vectors;          /* LLMF_OP_EMBED: vector_count rows of `dimensions` floats each, in the order of the texts; NULL after an error */
    size_t vector_count, dimensions;
    llmf_str language;             /* LLMF_OP_TRANSCRIBE; the text itself is llmf_response.text */
    double duration;               /* seconds; below 0: not said */
    const llmf_segment *segments;
    size_t segment_count;
    int64_t tokens;                /* LLMF_OP_COUNT_TOKENS */
    const llmf_str *models;        /* LLMF_OP_LIST_MODELS: ids as llmf_get takes them behind "provider:" */
    size_t model_count;
    llmf_str next_page;            /* for llmf_input.page; empty: this was the last page */
} llmf_output;
/* What came. Texts live until llmf_release (llmf_generate) or llmf_free (llmf_start). After an error it holds what had arrived. */
typedef struct llmf_response {
    llmf_call call;
    llmf_str provider, model;      /* as asked */
    llmf_str model_used, request_id; /* as the provider says; empty if it does not */
    llmf_str text, reasoning, refusal;
    llmf_str state;                /* opaque: give it back in the assistant message of the next turn */
    const llmf_tool_call *tool_calls;
    size_t tool_call_count;
    const llmf_citation *citations;
    size_t citation_count;
    int finish;                    /* LLMF_FINISH_… */
    llmf_str finish_raw;           /* the provider's word */
    llmf_usage usage;
    int64_t cost_pico;             /* pico-dollars, or LLMF_UNKNOWN */
    int64_t latency_ms, first_token_ms; /* from the start; LLMF_UNKNOWN where there was none */
    const llmf_attempt *attempts; size_t attempt_count; int64_t attempt_total; /* the latest LLMF_MAX_ATTEMPTS of them, the oldest first; all there were */
    llmf_str raw;                  /* the body as it came (LLMF_KEEP_RAW) */
    llmf_error error;              /* code LLMF_OK if all went well */
    const llmf_output *output; const llmf_message *messages; size_t message_count; /* of the other operations than chat; of a run (llmf_start_run): all that was said; NULL for a chat */
    bool cached;                   /* an answer that was kept: nothing was sent */
    short json_repaired, json_asked; llmf_str json; /* of llmf_start_json: the value, empty where there is none; LLMF_JSON_…; how often it was asked for again; see there */
} llmf_response;
enum {
    LLMF_EVENT_TEXT = 1, LLMF_EVENT_REASONING = 2, LLMF_EVENT_REFUSAL = 3,
    LLMF_EVENT_TOOL_START = 4, LLMF_EVENT_TOOL_DELTA = 5, LLMF_EVENT_TOOL_CALL = 6,
    LLMF_EVENT_USAGE = 7, LLMF_EVENT_STEP = 10, LLMF_EVENT_TOOL_RESULT = 11, /* STEP: one of a chain or run has ended, see llmf_start_chain, llmf_start_run */
    LLMF_EVENT_DONE = 8, LLMF_EVENT_ERROR = 9   /* final: exactly one of them, exactly once */
};
/* Everything in it lives until the next llmf_next on that call. */
typedef struct llmf_event {
    int type;                      /* LLMF_EVENT_… */
    int index;                     /* which tool call, or step, from 0 */
    llmf_call call;
    llmf_str text;                 /* TEXT, REASONING, REFUSAL; of TOOL_DELTA the piece of the arguments; of STEP and TOOL_RESULT the result */
    const llmf_tool_call *tool;    /* TOOL_START (no arguments yet), TOOL_CALL (whole), TOOL_RESULT (the call that it is of) */
    const llmf_usage *usage;       /* USAGE */
    const llmf_response *response; /* DONE, ERROR */
} llmf_event;
LLMF_API llmf_call llmf_start_abi(llmf_factory *f, llmf_model m, const llmf_request *req, size_t req_size);
static inline llmf_call llmf_start(llmf_factory *f, llmf_model m, const llmf_request *req) { return llmf_start_abi(f, m, req, sizeof *req); }
LLMF_API int llmf_poll(llmf_factory *f, int timeout_ms);
LLMF_API bool llmf_next_abi(llmf_factory *f, llmf_call c, llmf_event *ev, size_t ev_size);
static inline bool llmf_next(llmf_factory *f, llmf_call c, llmf_event *ev) { return llmf_next_abi(f, c, ev, sizeof *ev); }
LLMF_API bool llmf_next_any_abi(llmf_factory *f, llmf_event *ev, size_t ev_size);
static inline bool llmf_next_any(llmf_factory *f, llmf_event *ev) { return llmf_next_any_abi(f, ev, sizeof *ev); }
LLMF_API llmf_result llmf_cancel(llmf_factory *f, llmf_call c);
LLMF_API void llmf_free(llmf_factory *f, llmf_call c);
LLMF_API llmf_result llmf_status(llmf_factory *f, llmf_call c, bool *done);
LLMF_API llmf_result llmf_generate_abi(llmf_factory *f, llmf_model m, const llmf_request *req, size_t req_size, llmf_response *r, size_t r_size);
static inline llmf_result llmf_generate(llmf_factory *f, llmf_model m, const llmf_request *req, llmf_response *r) { return llmf_generate_abi(f, m, req, sizeof *req, r, sizeof *r); }
static inline void llmf_release(llmf_factory *f, llmf_response *r) {
    llmf_free(f, r->call);
    r->call.id = 0;
}
LLMF_API void llmf_last_error_abi(const llmf_factory *f, llmf_error *err, size_t err_size);
static inline void llmf_last_error(const llmf_factory *f, llmf_error *err) { llmf_last_error_abi(f, err, sizeof *err); }
LLMF_API const char *llmf_result_name(int result); LLMF_API const char *llmf_finish_name(int finish);
LLMF_API const char *llmf_build_info(void);

/* ---- budgets and routes ---------------------------------------------------------------------------------------------- */

/* BUDGETS of money, in whole pico-dollars (1 USD = 1,000,000,000,000). LLMF_NO_BUDGETS=1 leaves them out.
   Whose: of each call (llmf_request.budget_pico, else llmf_desc.budget_call_pico, else the config's budgets.call_usd); of all calls since the factory was opened
   (budget_process_pico, budgets.process_usd); of a day from midnight to midnight UTC (budget_day_pico, budgets.day_usd); of a model (its key budget_usd, and
   budgets.models: the lower holds); of a route (its budget_usd, and budgets.routes). Models that are no keys of the config are counted by provider and id, whatever
   name they are asked by.
   Before a request goes out the most that it may cost is reserved. Tokens of input: a token for every 2 bytes of the body, 50,000 for each image and each part that
   is given as a URL, never more than the model's window. Of output: max_tokens, else the most that the model can give, else 16,384. Prices: those of a prompt of that
   size, that of writing to the cache where `cache` is set. (What `extra` changes is not seen.) Where spent + reserved + this would be above a limit the call ends
   with LLMF_ERR_BUDGET, and nothing is sent; the text has all figures and what to change. So it does where a price is not known and a limit holds: unknown is not 0. Where
   prices are 0 the call always goes. Counting tokens and listing models cost nothing.
   When the request has ended the reservation is given back, and its exact cost is spent. Where the provider has not said what was used: nothing after a failure before the
   first content; else the input by the rule above, and a token for every 2 bytes of text, reasoning and arguments that came (of all bytes, with LLMF_DISCARD_TEXT).
   A cost belongs to the day on which the request ends. Requests that LLMF_OP_EMBED is split into are counted one by one; the limit of the call is on all of them.
   llmf_budget reads one. scope: LLMF_BUDGET_…; name: of the model (as for llmf_get) or the route, else NULL. Returns LLMF_OK; what llmf_get says of an unknown name;
   LLMF_ERR_ARGUMENT for a scope or route that is none. What has no limit is not counted, but for the process and the day.
   llmf_desc.budget_alert is called inside llmf_poll, once for each share in budgets.alerts ([0.5, 0.8, 1.0] where the config says nothing) that is spent; once again where
   the limit has changed, or for the next day. Calls' own budgets give no alerts. *alert lives until it returns.

   ROUTES choose a model for a request. LLMF_NO_ROUTES=1 leaves them out. In the config:
       routes:
         chat: {rule: cheapest, threshold: 0.6, candidates: [fast, {model: smart, quality: 0.9, use_cases: [code], weight: 2}], task: talk, budget_usd: 5}
   candidates: keys of the config, or other names of models; none: all models of the config. What a candidate does not say (weight, use_cases, quality) its model's entry
   says; weight 1, all use cases and no quality where that says nothing either. quality: a number from 0 to 1, or one for each use case: {code: 0.9, default: 0.5}.
   First those are left out that are unknown or not built in, have no key, lack a capability (`needs`, and what the request has: tools, a schema, images, audio,
   files), have too small a window, are cooling down, have use cases but not the task, whose estimated cost is above budget_pico, or whose budgets have no room left.
   Of the rest the rule chooses; where two are equal, the cheaper one, then the first:
       cheapest     the lowest estimated cost; but the best quality, where the complexity is above the threshold (0.5 where the route has none)
       quality      the best quality                              latency     the quickest so far; one that was never tried comes first, one that only failed last
       weighted     drawn by weight                               round_robin one after the other
       split        by the key and the weights, which stay the same on every machine: a key stays with its model; where weights move, so do few keys. No key: as weighted
       scored       the best mean of llmf_score, of those with five or more; where none has: as cheapest
   Estimated cost: tokens of the request by the rule above, and max_tokens (1,000 where it has none, for all candidates) of output; without a request 1,000 and 1,000.
   llmf_route returns the model, whose calls count for the route's budget; {0} where none is left, with LLMF_ERR_ALL_FAILED and each one's reason, or for a route
   that is unknown LLMF_ERR_UNKNOWN_MODEL, for a bad field LLMF_ERR_ARGUMENT. `why` and `err` may be NULL. *why lives until the next llmf_route, llmf_get of a route,
   or llmf_close. The decision goes to the log too, at LLMF_LOG_INFO. llmf_get takes a route's name: as llmf_route with nothing else; ask again for each call.
   estimate_complexity adds a guess from the newest user message: its length, its words and marks of tasks with many steps, of code and formulas; the larger counts.
   llmf_score records how well the model of a call did, from 0 to 1: a user's thumb, a test that passed. LLMF_ERR_STALE, LLMF_ERR_ARGUMENT; LLMF_ERR_LIMIT: beyond LLMF_MAX_HEALTH. */
enum { LLMF_BUDGET_PROCESS = 0, LLMF_BUDGET_DAY = 1, LLMF_BUDGET_MODEL = 2, LLMF_BUDGET_ROUTE = 3 };
typedef struct llmf_budget_info {
    int64_t limit_pico;            /* LLMF_UNKNOWN: none */
    int64_t spent_pico, reserved_pico;
    uint64_t unknown;              /* calls whose cost nobody knows: not in spent_pico */
} llmf_budget_info;
struct llmf_budget_alert {
    int scope, share_ppm;          /* LLMF_BUDGET_…; the share that is spent, in millionths */
    llmf_str name;                 /* of the model or route; empty */
    llmf_budget_info budget;
};
LLMF_API llmf_result llmf_budget_abi(llmf_factory *f, int scope, const char *name, llmf_budget_info *info, size_t info_size);
static inline llmf_result llmf_budget(llmf_factory *f, int scope, const char *name, llmf_budget_info *info) { return llmf_budget_abi(f, scope, name, info, sizeof *info); }
enum {
    LLMF_ROUTE_CHOSEN = 0, LLMF_ROUTE_LOST = 1, LLMF_ROUTE_UNKNOWN = 2, LLMF_ROUTE_NOT_BUILT = 3, LLMF_ROUTE_NO_KEY = 4, LLMF_ROUTE_CAPABILITY = 5,
    LLMF_ROUTE_CONTEXT = 6, LLMF_ROUTE_HEALTH = 7, LLMF_ROUTE_TASK = 8, LLMF_ROUTE_NO_PRICE = 9, LLMF_ROUTE_BUDGET = 10
};
typedef struct llmf_route_desc {
    const char *route, *task, *key; /* NULL: all models of the config, by `cheapest`; the route's task; no key */
    const llmf_request *request;   /* what is to be asked; NULL: not known yet. Read while llmf_route runs */
    double complexity;             /* 0 to 1 */
    int64_t budget_pico;           /* 0: none */
    uint64_t seed;                 /* decides a draw; 0: llmf_desc.random */
    uint32_t needs;                /* LLMF_CAN_… */
    bool estimate_complexity;
} llmf_route_desc;
typedef struct llmf_candidate {
    llmf_str name, text;           /* text: why it was chosen, or was not */
    int reason;                    /* LLMF_ROUTE_… */
    int64_t cost_pico, latency_us; /* LLMF_UNKNOWN */
    double quality;                /* below 0: not known */
} llmf_candidate;
typedef struct llmf_decision {
    const llmf_candidate *candidates; /* in the order of the config */
    size_t candidate_count, chosen; /* chosen: its index; candidate_count: none */
    double complexity;             /* that counted */
    int64_t input_tokens;          /* as estimated; LLMF_UNKNOWN: there was no request */
} llmf_decision;
LLMF_API llmf_model llmf_route_abi(llmf_factory *f, const llmf_route_desc *what, size_t what_size, size_t req_size, llmf_decision *why, size_t why_size, llmf_error *err);
static inline llmf_model llmf_route(llmf_factory *f, const llmf_route_desc *what, llmf_decision *why, llmf_error *err) { return llmf_route_abi(f, what, sizeof *what, sizeof(llmf_request), why, sizeof *why, err); }
LLMF_API llmf_result llmf_score(llmf_factory *f, llmf_call c, double value);

/* ---- seeing it --------------------------------------------------------------------------------------------------------

   llmf_metrics writes what the factory has counted, as Prometheus reads it (text exposition, version 0.0.4), at most cap bytes with a NUL behind it into out, and
   returns its whole length without the NUL, as snprintf does: a result of cap or more was cut and must not be served. out may be NULL where cap is 0. It allocates
   nothing, and may be called at any time, also inside callbacks. Without llmf_desc.metrics it has only the gauges.
     llm_requests_total{provider,model,operation,status}       calls that have ended, freed ones too; status: "ok" or llmf_result_name
     llm_request_duration_seconds{provider,model,operation}    histogram of them all, from llmf_start to the end
     llm_time_to_first_token_seconds{…}                        histogram of answers that came as streams, to their first text, reasoning or tool call
     llm_overhead_seconds{…}                                   histogram of what llmf_start took until the transport had the request, the transport's own start included. What
                                                               decoding takes is not in it, nor calls that first wait for keys of AWS, nor embeddings in several batches
     llm_tokens_used_total{…,type}                             of each attempt whose provider said it; "input" holds "cache_read" and "cache_write", "output" holds "reasoning"
     llm_cost_usd_total{…}, llm_cost_unknown_total{…}          dollars, exactly; and attempts that used tokens at an unknown price
     llm_attempts_total{provider,model,error}                  requests given to a transport that have ended; error "none" where all went well
     llm_retries_total, llm_fallbacks_total{provider,model,to_provider,to_model,cause}, llm_cache_hits_total, llm_cache_misses_total, llm_breaker_state (0 closed,
     1 half open, 2 open), llm_calls_active, llm_memory_bytes{kind}, llm_metrics_lost_total (what there was no memory to count)
   A label holds at most 128 bytes of the name; what is no UTF-8 is U+FFFD in it. Beyond LLMF_MAX_SERIES pairs of provider and model all others are provider="other",
   model="other". A call that failed before its model was known is "unknown". operation is "chat", "embeddings", "transcription", "count_tokens" or "list_models".

   llmf_desc.span is called at the end of each call (attempt 0), and before it at the end of each of its attempts (attempt 1, 2, …), whose parent that is; also where a
   call is freed before its end, and by llmf_close. Everything in *span lives until the hook returns. The hook may read (llmf_metrics, llmf_memory), and must not start,
   cancel or free calls of this factory, nor close it. A span never holds a prompt, an answer or a key.
     trace_id, span_id, parent_id   lower-case hex; parent_id is "" where there is none. Of llmf_request.trace_parent, or made by llmf_desc.random, or else of the clock
     flags                          of trace_parent; else 1, sampled
     start_ns, end_ns               nanoseconds since 1970: llmf_desc.wall_ms at the start, and clock_ns from there on
     name                           "chat gpt-4o"
     result                         llmf_result
     attributes                     of OpenTelemetry's GenAI conventions: gen_ai.operation.name, gen_ai.provider.name (in its words: "aws.bedrock"), gen_ai.request.model,
                                    .max_tokens, .temperature, .top_p, .seed, gen_ai.response.id (llmf_response.request_id), .model, .finish_reasons, server.address,
                                    server.port, http.response.status_code, error.type (llmf_result_name); and of the call only, so that nobody counts them twice,
                                    gen_ai.usage.input_tokens, .output_tokens, .cache_read.input_tokens, .cache_creation.input_tokens, .reasoning.output_tokens.
                                    One that is not known is left out. LLMF_ATTRIBUTE_LIST: a list with the one member `text`
   With trace_parent the header traceparent goes out, naming the call's span where there is a hook, else the caller's own. One that is not valid is LLMF_ERR_ARGUMENT.

   llmf_provider_status tells of the i-th provider of the chain: 0 the primary one (with its default model), then the fallbacks in their order (LLM_FALLBACK_PROVIDERS,
   else the config's). False past the end, and where there is no primary. Texts live as those of llmf_model_info do. current: the first that is available. unavailable:
   the llmf_result why it cannot be used at all, such as no key; available is false too while it cools down or its breaker is open; reason has it in words, "" if it
   is available. cooldown_ms: milliseconds left, 0 none. requests_left and tokens_left: of this minute, LLMF_UNKNOWN. */
enum { LLMF_ATTRIBUTE_TEXT = 0, LLMF_ATTRIBUTE_INT = 1, LLMF_ATTRIBUTE_DOUBLE = 2, LLMF_ATTRIBUTE_LIST = 3 };
typedef struct llmf_attribute {
    const char *name;
    int type;                      /* LLMF_ATTRIBUTE_…: which of these has the value */
    llmf_str text;
    int64_t integer;
    double number;
} llmf_attribute;
typedef struct llmf_span {
    llmf_call call;
    int attempt, result, flags;
    llmf_str name;
    char trace_id[33], span_id[17], parent_id[17];
    uint64_t start_ns, end_ns;
    const llmf_attribute *attributes;
    size_t attribute_count;
} llmf_span;
LLMF_API size_t llmf_metrics(llmf_factory *f, char *out, size_t cap);
enum { LLMF_BREAKER_CLOSED = 0, LLMF_BREAKER_HALF_OPEN = 1, LLMF_BREAKER_OPEN = 2 };
typedef struct llmf_status_info {
    llmf_str provider, model;
    bool available, current;
    int unavailable, breaker;
    int64_t cooldown_ms, requests_left, tokens_left;
    char reason[160];
} llmf_status_info;
LLMF_API bool llmf_provider_status_abi(llmf_factory *f, size_t i, llmf_status_info *info, size_t info_size);
static inline bool llmf_provider_status(llmf_factory *f, size_t i, llmf_status_info *info) { return llmf_provider_status_abi(f, i, info, sizeof *info); }

/* ---- answers kept, and filters --------------------------------------------------------------------------------------- */

/* ANSWERS KEPT. Off by default. A call whose request is the same, byte for byte, as an earlier one is given the earlier one's answer, and nothing is sent. Its events come
   with the next llmf_poll: REASONING, TEXT, REFUSAL, tool calls, USAGE, DONE, each text in one piece. llmf_response.cached is then true, cost_pico 0, usage what it was,
   request_id empty and attempt_count 0. Chats and counts of tokens (LLMF_OP_CHAT, LLMF_OP_COUNT_TOKENS) are kept, the other operations are not.

   LLMF_CACHE_…   ON: gives what is kept, and keeps. READ: gives, does not keep. WRITE: keeps, does not give (refreshes). OFF: neither. In llmf_desc.cache_mode 0 is OFF.
   The same means: provider, operation, dialect, address, the body as it would be sent, and headers (those of the config too). Not: the key, headers and members of the
   address's query whose names speak of a secret, User-Agent, and whether it streams. So who asks with another key is given the same answer: where that must not be,
   open two factories, or set llmf_request.user.
   Kept is what ended with LLMF_OK and its terminal event. Never kept: a reply cut short, an error, a cancelled call, one with LLMF_DISCARD_TEXT. With LLMF_KEEP_RAW a call
   is not given what is kept, as there is no body. Two calls under way at once for the same thing are both sent.
   In memory the answers are in the factory's block; the one used longest ago goes first; where the block is used up, they go before any call fails for it.

   llmf_cache_store  A store of your own (a file, Redis), asked where memory has nothing; what is kept goes to both. A blob is opaque, versioned and checksummed together
                  with its key: one that was changed or cut, is of another version or another key, or older than cache_ttl_ms, counts as none, and `del` is called for it.
                  It holds the answer, neither the request nor the key. The checksum is against accidents: whoever can write to the store can write answers.
                  The hooks run in the thread that uses the factory, inside the function that serves the call (llmf_start asks, llmf_poll or llmf_next keeps); they must
                  not wait for long, and call nothing of the library. get: false where there is none; *blob stays valid until a hook is called again. put: ttl_ms as in
                  llmf_desc, 0: none ends; the blob is valid inside the call only. Each may be NULL.
   llmf_cache     Figures since the factory was opened; all 0 where no call has asked yet, f is NULL, or LLMF_NO_CACHE=1. hits and misses count calls that asked.
   llmf_cache_clear  Forgets what is kept in memory; not what your store has, nor hits and misses.

   FILTERS. Hooks that look at every call of a factory: llmf_desc.filters, in order. Requests go through them from the first to the last, answers from the last to the
   first: what a filter takes out of a request it can put back into the answer. Each hook may be NULL.
   before         Sees the request before it is built: a prompt has become a message, defaults and prompt_prefix are in it. Runs inside llmf_start (llmf_generate,
                  llmf_preview_request). Of chats and counts of tokens it may replace the content of a message, a text part, the system prompt; any operation it may refuse.
   piece          Sees each TEXT and REASONING (event->type), from provider and cache alike, as it comes: event->text, event->call. HOLD: the text waits, and stands before
                  the next piece of its type, so that a word can be seen across pieces; what was written is forgotten. At the end it is asked once more where text
                  waits, with `last`: HOLD is then an error (ARGUMENT). Runs inside llmf_poll. Tool calls and refusals go past it, and past text that waits.
   whole          Sees the whole text, as the hooks `piece` left it, once the reply is complete (event->text); not where it is empty. Where some filter has this hook
                  the text comes as one piece at the end. Runs inside llmf_poll.
   They return    LLMF_FILTER_PASS, LLMF_FILTER_HOLD (`piece` alone), or anything else, such as LLMF_FILTER_STOP: the call ends with LLMF_ERR_CONTENT_FILTER, as where a
                  provider's own filter says no; error.text is "filter NAME: reason", http_status 0 where nothing was sent. Text that was handed out before stays
                  handed out; text that waits is dropped, as in every call that fails.
   The writer     is valid inside the hook. llmf_filter_write puts text in the place of what the hook was shown (several times: one behind the other; an empty text:
                  nothing comes). llmf_filter_message replaces the content of a message, or, with `part` from 1 on, its part-th part, a text; llmf_filter_system the
                  system prompt. llmf_filter_reason says why, for error.text (no prompt, no secret; NULL: nothing). All copy. False: the call will end, with ARGUMENT
                  (no valid UTF-8, no such text, not in this hook) or MEMORY.
   llmf_response.text and reasoning are what was handed out. state, raw and the segments of a transcript are as the provider sent them, and the cache keeps what the
   provider said: filters see it again. Hooks run in the thread that uses the factory and call nothing of the library but the functions of the writer. */
enum { LLMF_CACHE_ON = 1, LLMF_CACHE_READ = 2, LLMF_CACHE_WRITE = 3, LLMF_CACHE_OFF = 4, LLMF_FILTER_PASS = 0, LLMF_FILTER_HOLD = 1, LLMF_FILTER_STOP = 2 };
struct llmf_cache_store {
    void *user;
    bool (*get)(void *user, const unsigned char key[32], llmf_str *blob);
    void (*put)(void *user, const unsigned char key[32], llmf_str blob, int64_t ttl_ms);
    void (*del)(void *user, const unsigned char key[32]);
};
typedef struct llmf_cache_info {
    size_t entries, bytes;         /* kept in memory now; bytes of the block */
    uint64_t hits, misses;
} llmf_cache_info;
LLMF_API void llmf_cache_abi(const llmf_factory *f, llmf_cache_info *info, size_t info_size);
static inline void llmf_cache(const llmf_factory *f, llmf_cache_info *info) { llmf_cache_abi(f, info, sizeof *info); }
LLMF_API void llmf_cache_clear(llmf_factory *f);
typedef struct llmf_filter_writer llmf_filter_writer;
struct llmf_filter {
    const char *name;              /* for error.text; NULL: it has none */
    void *user;                    /* handed to the hooks */
    int (*before)(void *user, llmf_filter_writer *w, const llmf_request *req);
    int (*piece)(void *user, llmf_filter_writer *w, const llmf_event *event, bool last);
    int (*whole)(void *user, llmf_filter_writer *w, const llmf_event *event);
};
LLMF_API bool llmf_filter_write(llmf_filter_writer *w, llmf_str text);
LLMF_API bool llmf_filter_message(llmf_filter_writer *w, size_t message, size_t part, llmf_str text);
LLMF_API bool llmf_filter_system(llmf_filter_writer *w, llmf_str text);
LLMF_API void llmf_filter_reason(llmf_filter_writer *w, const char *reason);

/* ---- prompts and chains ------------------------------------------------------------------------------------------------

   PROMPTS are requests whose texts have holes: `prompts:` of the config, or a llmf_request in code. LLMF_NO_PROMPTS=1 leaves them out, and chains with them.
       prompts:
         short: "Summarise in {{lang:English}}: {{text}}"              # one user message
         classify:
           system: "You are a classifier."
           variables: {text: required, label: none}                    # if given, a name that is not here is a problem of the config
           examples: [{user: "I love it", assistant: positive}]        # pairs, before the messages
           messages: [{role: user, content: "Classify: {{text}}"}]     # or user: "…"; roles user, assistant, system
           model: fast                                                 # and temperature, top_p, max_tokens, stop, reasoning, format: where the request does not say them
   {{name}} is the variable's text, which is never looked at for holes again. {{name|json}}: as a JSON string with its quotes. {{name|xml}}: with & < > " ' made harmless.
   {{name:default}}, {{name|json:default}}: where it is not given. {{name.member}}, {{name.0}}: of a text that is JSON. Blanks inside the braces do not count. \{{ is {{ itself,
   \\{{ a backslash before a hole.
     llmf_var         A variable: name and text (UTF-8). Of two with one name the first counts; one that no hole names is not looked at.
     llmf_render      Fills the prompt `name` of the config, or, name NULL, prompt, system and messages[].content of `with` (parts, tool calls and the rest stay as they
                      are). p->request is *with (NULL: all zero) with messages and system in place, and what the prompt says besides where *with does not; p->model is the
                      prompt's model, empty if it names none: llmf_get(f, p->model.ptr, &err) serves both. Texts live until llmf_render_free, in the factory's block; what
                      *with points to besides stays the caller's. With a name *with must have no texts of its own. LLMF_ERR_ARGUMENT: no such prompt, a malformed hole,
                      or a variable that is missing, with prompt, message and file:line:column; LLMF_ERR_MEMORY. *p is then empty. err NULL: llmf_last_error tells.
     llmf_render_free Gives it back; before llmf_close. An empty one is nothing.

   CHAINS are prompts one behind the other: `chains:` of the config, or an array of llmf_step. One call runs all of them.
       chains:
         report:
           - {prompt: extract, model: fast, parse: json, as: facts}    # text: "…" instead of prompt: a template as it stands
           - {prompt: write, model: smart}                             # its holes: {{facts}}, {{facts.title}}, {{previous}} and the variables given
     llmf_step        prompt: of the config; NULL: `request` has the texts. request: what is of this step only; NULL: nothing. model: NULL: the prompt's, else the default one.
                      parse: NULL or "text"; "json": the answer must hold a JSON value (in a fence, or between other words: only the value is taken), else
                      LLMF_ERR_SCHEMA, with the answer in response.text; "lines": a JSON array of its lines without marks of lists. as: a name for its result; NULL: none.
     llmf_chain       name: of the config; NULL: steps, at most LLMF_MAX_CHAIN. `request` holds for all steps where the step's own does not say otherwise (its texts must be
                      unset): stream, timeouts, on_event, budget_pico, priority, flags …; timeouts.total_ms and budget_pico are those of the chain as a whole.
     llmf_start_chain Everything is copied; media bytes are borrowed until the final event. As llmf_start: the call is polled, cancelled and freed as any other, as one, and all
                      that is wrong is its final event. Prompts, models (a route chooses here) and variables are looked up before anything is sent, and a reload changes
                      nothing for a chain under way. Each step but the last ends in LLMF_EVENT_STEP (index: from 0; text: its result); the events of the last come as they
                      come. In the response text, tool_calls and the like are the last step's; usage, cost_pico and attempts are of all. After an error they are those of
                      the step that failed, error.text begins with "chain NAME, step 2 (PROMPT): ". A step before the last that ends in a refusal or a content filter is
                      LLMF_ERR_CONTENT_FILTER. Steps are not hedged (hedge_ms). */
typedef struct llmf_var { const char *name; llmf_str value; } llmf_var;
typedef struct llmf_rendered { void *memory; llmf_str model; llmf_request request; } llmf_rendered;
LLMF_API llmf_result llmf_render_abi(llmf_factory *f, const char *name, const llmf_request *with, size_t with_size, const llmf_var *vars, size_t var_count, llmf_rendered *p, size_t p_size, llmf_error *err);
static inline llmf_result llmf_render(llmf_factory *f, const char *name, const llmf_request *with, const llmf_var *vars, size_t var_count, llmf_rendered *p, llmf_error *err) { return llmf_render_abi(f, name, with, sizeof *with, vars, var_count, p, sizeof *p, err); }
LLMF_API void llmf_render_free(llmf_factory *f, llmf_rendered *p);
typedef struct llmf_step { const char *prompt, *model, *parse, *as; const llmf_request *request; } llmf_step;
typedef struct llmf_chain { const char *name; const llmf_step *steps; size_t step_count; const llmf_var *vars; size_t var_count; const llmf_request *request; } llmf_chain;
LLMF_API llmf_call llmf_start_chain_abi(llmf_factory *f, const llmf_chain *chain, size_t chain_size, size_t req_size);
static inline llmf_call llmf_start_chain(llmf_factory *f, const llmf_chain *chain) { return llmf_start_chain_abi(f, chain, sizeof *chain, sizeof(llmf_request)); }

/* ---- runs: a model and its functions ------------------------------------------------------------------------------------

   A RUN asks a model, calls the C functions that it wants called, gives it what they say, and asks again, until it has no more to call. LLMF_NO_RUN=1 leaves it out.
       static int weather(void *user, const llmf_tool_use *use, llmf_out *result) {
           llmf_str v;
           char city[80];
           if (!llmf_json_get(use->arguments, "city", &v) || llmf_json_string(v, city, sizeof city) >= sizeof city) return LLMF_TOOL_ERROR;
           return llmf_out_write(result, "rain", 4), LLMF_TOOL_OK;
       }
     llmf_tool_use    One tool call: its id, the function's name, the arguments (always a JSON object: llmf_json_get, _string and _number read it, llmf_json_feed puts it into a struct), the turn from 0, which of
                      the turn's calls. Texts end with NUL and live until the call is freed.
     llmf_function    tool: what the model is told. run: called inside llmf_poll; writes its result by llmf_out_write, in pieces or at once (UTF-8; what is none is U+FFFD; more
                      than LLMF_MAX_TOOL_RESULT is cut off, and the model told so). NULL: as if it said PENDING. It may start, cancel and free calls. It returns
                        LLMF_TOOL_OK       what was written is the result
                        LLMF_TOOL_ERROR    it failed; what was written says why. Any other number is the same. The model sees "error: …"
                        LLMF_TOOL_PENDING  not yet: llmf_tool_done will tell, in a later frame. The others of the turn run meanwhile. *use stays valid
                        LLMF_TOOL_REFUSE   it must not be; what was written says why. The model sees "refused: …"
                        LLMF_TOOL_STOP     the run ends with LLMF_ERR_CANCELLED
                      cancel: told that a PENDING one is not waited for any more: the run was cancelled or freed, has ended, or timeout_ms (0: none) was over, which the model
                      is told as an error. It must call nothing of the library. NULL: nobody. user: for both.
     llmf_run_desc    request: as for llmf_start, without tools; its texts and messages begin the conversation. timeouts.total_ms and budget_pico are those of the run as a
                      whole. tool_choice other than "none" holds for the first turn. LLMF_DISCARD_TEXT is not heeded: what was said is said again. approve: asked before each
                      call of a function: LLMF_TOOL_OK lets it run, REFUSE and STOP are as above, PENDING: not yet, it is asked again. NULL: all may run. max_turns: answers of
                      the model, 0: LLMF_MAX_TURNS. max_tool_calls: of the run, 0: LLMF_MAX_TOOL_USES. A turn beyond either ends the run with LLMF_ERR_LIMIT, its functions not run.
     llmf_start_run   As llmf_start: everything is copied (not the bytes of media, nor what `user` points to), the call is polled, cancelled and freed as any other, as one, and
                      all that is wrong is its final event. Events of all turns come as they come; the functions of a turn run once its events have been taken (llmf_next has
                      given false, or on_event has seen them). Behind them come TOOL_RESULT for each call, in order, and STEP (index: the turn; text: what the model said).
                      A function that does not exist, and arguments that are no JSON object, are told to the model alone. In the response text, tool_calls and the like are of
                      the last turn; usage, cost_pico and attempts of all. response.messages is all that was said, the last answer included, with a result for each tool call,
                      however the run ended (what was not run says so): copy it into the messages of the next request to go on. After an error error.text begins with
                      "run, turn 2: ". Turns are not hedged.
     llmf_run         The same, waiting for the end, as llmf_generate does. A PENDING function must then be answered inside a hook.
     llmf_tool_done   The result of a PENDING function (or one that waits for approval), by its id. LLMF_ERR_STALE: the call has ended; LLMF_ERR_ARGUMENT: no function of that id
                      is waiting (its time was over); LLMF_ERR_MEMORY: it goes on waiting. The result is copied. is_error not 0: as LLMF_TOOL_ERROR. */
enum { LLMF_TOOL_OK = 0, LLMF_TOOL_ERROR = 1, LLMF_TOOL_PENDING = 2, LLMF_TOOL_REFUSE = 3, LLMF_TOOL_STOP = 4 };
typedef struct llmf_out llmf_out; typedef struct llmf_tool_use { llmf_call call; llmf_str id, name, arguments; int turn, index; } llmf_tool_use;
typedef struct llmf_function { llmf_tool tool; int (*run)(void *user, const llmf_tool_use *use, llmf_out *result); void (*cancel)(void *user, const llmf_tool_use *use); void *user; int64_t timeout_ms; } llmf_function;
typedef struct llmf_run_desc { const llmf_request *request; const llmf_function *functions; size_t function_count; int max_turns, max_tool_calls; int (*approve)(void *user, const llmf_tool_use *use, llmf_out *reason); void *approve_user; } llmf_run_desc;
LLMF_API llmf_call llmf_start_run_abi(llmf_factory *f, llmf_model m, const llmf_run_desc *run, size_t run_size, size_t function_size, size_t req_size);
static inline llmf_call llmf_start_run(llmf_factory *f, llmf_model m, const llmf_run_desc *run) { return llmf_start_run_abi(f, m, run, sizeof *run, sizeof(llmf_function), sizeof(llmf_request)); }
LLMF_API llmf_result llmf_run_abi(llmf_factory *f, llmf_model m, const llmf_run_desc *run, size_t run_size, size_t function_size, size_t req_size, llmf_response *r, size_t r_size);
static inline llmf_result llmf_run(llmf_factory *f, llmf_model m, const llmf_run_desc *run, llmf_response *r) { return llmf_run_abi(f, m, run, sizeof *run, sizeof(llmf_function), sizeof(llmf_request), r, sizeof *r); }
LLMF_API llmf_result llmf_tool_done(llmf_factory *f, llmf_call c, llmf_str id, llmf_str result, int is_error);

/* ---- many requests, long conversations ----------------------------------------------------------------------------------------------------

   BATCHES run any number of requests, at_once at a time, from the one thread, in memory that does not grow with their number. LLMF_NO_BATCH=1 leaves them out. A request
   that fails is one result with an error, and ends nothing but itself.
     llmf_batch       requests and count: an array, borrowed until the end, all asked of `model`. Or request, a hook that gives the i-th request (from `first` on, one after the
                      other): it fills in *req, which is all zero, and may change *m, which is `model`; its texts must stay valid until the hook is called again
                      (LLMF_BORROW: until that request's result), media until its result. It returns LLMF_CONTINUE; LLMF_SKIP: this one needs no answer; LLMF_STOP: there is none, and none behind it.
                      With count 0 it alone says where the end is.
     first, skip      To go on where an earlier run has ended: the index to begin with, and `count` bytes (borrowed; NULL: none), of which one that is not 0 says that this one is done.
     result           Takes each result, as soon as it is there, with the progress: index; response, which lives until the hook returns; done: results so far, this one included,
                      of which `failed` have an error; skipped; under_way; count, as given. LLMF_STOP cancels the batch. in_order not 0: results come in the order of their
                      indexes; for that up to twice at_once calls are open, as one that has ended waits for those before it.
     responses        `count` places (NULL: none), for a few requests: each is filled when its result is there, as llmf_generate does it, and stays until it is given to llmf_release,
                      so that max_calls must be above count. Place i is not touched where there was no result. One of result and responses must be there.
     at_once          0: 16; at most LLMF_MAX_AT_ONCE. llmf_desc.max_calls must have room for them and the batch, else fewer are under way; so it is where memory does not do for
                      more, with a warning in the log. max_connections (100) limits them too.
     llmf_start_batch Begins and returns at once: llmf_poll does the rest, and calls the hooks. The batch is a call: llmf_cancel ends it with all that is under way (what has no
                      result yet needs to be asked for again), llmf_status tells whether it has ended, llmf_free gives it back. Its only event is the final one; usage and
                      cost_pico there are sums, LLMF_UNKNOWN where one of them is not known. DONE: all was asked, whatever came of it. ERROR: CANCELLED; ARGUMENT: a field, named;
                      LIMIT, MEMORY: nothing was under way, and there was no room to begin anything. {0} where there is no room for the batch itself: llmf_last_error. The requests'
                      own on_event hooks are called as always; without one nobody sees their events. The hooks must not block, and may start and cancel calls.
     llmf_wait        The blocking form, for a call of any kind: serves all calls until that one has ended, and returns its result. Its events stay for llmf_next, where it has no
                      callback. LLMF_ERR_STALE: it is none, or was freed meanwhile; LLMF_ERR_ARGUMENT inside a callback.

   BATCHES OF THE PROVIDER'S are answered by it within a day, for half the price as a rule (OpenAI, Anthropic, Gemini, Mistral, Groq). LLMF_NO_JOBS=1 leaves them out.
     llmf_start_job   One of these, as a call: llmf_poll does it, and its only event is the final one; llmf_cancel stops looking, not the provider. llmf_batch.model says which
                      provider (a model, no route: nothing is repeated by itself, and nobody else is asked); *job is yours, until that event, and is filled by then.
                      LLMF_BATCH_SUBMIT sends requests and count, or what the hook gives: chats, each asked for once, all of `model`. They are held in the block until they
                      are sent: llmf_desc.memory_size must have room for their text. One that cannot be sent is a result with an error, where `result` is there; else it ends the call.
                      After an error look at the provider's own list of batches before it is submitted again: the request may have arrived.
                      LLMF_BATCH_POLL fills *job from job->id. LLMF_BATCH_CANCEL asks the provider to stop, and then does the same.
                      LLMF_BATCH_COLLECT hands each result to `result`, or into `responses`, as llmf_start_batch does (its index is that of the request), but in the provider's order.
                      skip says which are not wanted, count (0: unknown) how many were submitted: then none comes twice. It may be done again, and after a restart: the
                      provider keeps them for weeks. Costs have the lower price in them, and no budget sees them. What the provider did not come to is TIMEOUT (expired)
                      or CANCELLED. ERROR: ARGUMENT (not done yet; a result is none of this batch's), BAD_REQUEST (it has failed, and why), those of any call.
     llmf_batch_job   id: filled by SUBMIT; keep it, and the model's name, to go on in another process. state: LLMF_JOB_WAITS, _RUNS, _DONE, _FAILED, _EXPIRED, _CANCELLED (the
                      last two may have some results), _UNKNOWN: status, the provider's own word, says more. total, done, failed: requests; LLMF_UNKNOWN: it did not say.

   CONVERSATIONS that outgrow a model's window are cut by rule, and none is cut in silence. LLMF_NO_FIT=1 leaves this out, and the next.
     llmf_fit_messages  *p: *req with messages that fit m's window (m {0}: fit->window is set), in the factory's block until llmf_render_free; texts are the caller's still. Of the
                      system, of the last keep_last messages (0: 4) and of the newest question nothing goes. rules (0: all, one after the other, as far as it takes):
                      LLMF_FIT_TOOLS puts `marker` (NULL: "[this result was dropped to save room]") in the place of the oldest results of tools; LLMF_FIT_TURNS drops the oldest
                      turns as a whole, then what the newest one has called, with its results: no call is ever without its result, and what stays begins with a user's message.
                      What fits stays as it is. Also told in the log (LLMF_LOG_INFO). LLMF_ERR_CONTEXT_LENGTH where the rest is too long still, with the figures; ARGUMENT; MEMORY.
                      *p is empty then. err NULL: llmf_last_error tells.
     llmf_fit         window: tokens; 0: the model's. reserve: of them for the answer; 0: max_tokens, else what the model can give, a quarter of the window at most. media_tokens:
                      of each picture or file; 0: 1,600. count: tokens of a text; NULL: by llmf_desc.ranks where they have the model's, else one for three bytes. Filled: limit, before, after: tokens; dropped, replaced: messages,
                      and results; what: req->message_count bytes, 0 for one that stays, 1 dropped, 2 replaced; as long as *p.
     ask_summary      (a member of llmf_fit) Not 0: *p is the request for a summary of what would be dropped, summary_tokens long (0: 512, a quarter
                      of `limit` at most), to be put to a cheaper model; prompt
                      NULL: nothing would be. Its text then is `summary` of a second call that is else the same: a message of the system, named "summary", behind the others
                      of the system, in the place of one that an earlier call has put there. Room is made for it.
     llmf_conversation_save   Messages as JSON, the members `system` and `messages` of what the command llmf reads, with "llmf_conversation": 1 for the version. Parts, tool calls,
                      state, reasoning and bytes of media (base64) are in it; what a part's path or url names is not. Content with parts behind it becomes a part, which is the
                      same to a model; all else comes back byte for byte. path NULL: into `out`, at most cap bytes, as a rule with a NUL behind it; a result of cap or more was
                      cut. Else into that file, which is replaced whole or not at all (written beside it, as PATH.new), in memory of f. Returns the length; 0 with *err
                      (NULL allowed): ARGUMENT (a text that is no UTF-8, with its place), LIMIT, MEMORY, CONFIG (the file cannot be written).
     llmf_conversation_load   p->request has system and messages of the file, or, where text.ptr is not NULL, of that text, path being its name in messages. In the factory's block until
                      llmf_render_free. A file that is malformed, cut, of another version, or has keys that are not known is refused as a whole: LLMF_ERR_CONFIG, with
                      file:line:column. At most LLMF_MAX_CONVERSATION bytes, LLMF_MAX_MESSAGES messages. MEMORY. err NULL: llmf_last_error tells. Nothing that a part's path
                      or url names is opened here, but it is when the request is sent: of a file that somebody else has written look at them first. */
typedef struct llmf_batch_item { size_t index; const llmf_response *response; size_t done, failed, skipped, count; int under_way; } llmf_batch_item; typedef struct llmf_batch { llmf_model model; const llmf_request *requests; size_t count, first; const unsigned char *skip; llmf_response *responses; int (*request)(void *user, size_t i, llmf_request *req, llmf_model *m); int (*result)(void *user, const llmf_batch_item *item); void *user; int at_once, in_order; } llmf_batch;
enum { LLMF_BATCH_SUBMIT = 1, LLMF_BATCH_POLL = 2, LLMF_BATCH_COLLECT = 3, LLMF_BATCH_CANCEL = 4, LLMF_JOB_UNKNOWN = 0, LLMF_JOB_WAITS = 1, LLMF_JOB_RUNS = 2, LLMF_JOB_DONE = 3, LLMF_JOB_FAILED = 4, LLMF_JOB_EXPIRED = 5, LLMF_JOB_CANCELLED = 6 }; typedef struct llmf_batch_job { char id[256], status[64]; int state; int64_t total, done, failed; } llmf_batch_job;
LLMF_API llmf_call llmf_start_job_abi(llmf_factory *f, int action, const llmf_batch *batch, size_t batch_size, llmf_batch_job *job, size_t job_size, size_t req_size, size_t response_size);
static inline llmf_call llmf_start_job(llmf_factory *f, int action, const llmf_batch *batch, llmf_batch_job *job) { return llmf_start_job_abi(f, action, batch, sizeof *batch, job, sizeof *job, sizeof(llmf_request), sizeof(llmf_response)); }
LLMF_API llmf_call llmf_start_batch_abi(llmf_factory *f, const llmf_batch *batch, size_t batch_size, size_t req_size, size_t response_size);
static inline llmf_call llmf_start_batch(llmf_factory *f, const llmf_batch *batch) { return llmf_start_batch_abi(f, batch, sizeof *batch, sizeof(llmf_request), sizeof(llmf_response)); }
LLMF_API llmf_result llmf_wait(llmf_factory *f, llmf_call c);
enum { LLMF_FIT_TOOLS = 1, LLMF_FIT_TURNS = 2 }; typedef struct llmf_fit { int64_t window, reserve, media_tokens, summary_tokens; size_t keep_last; int rules, ask_summary; const char *marker; llmf_str summary; int64_t (*count)(void *user, llmf_str text); void *user; int64_t limit, before, after; size_t dropped, replaced; const unsigned char *what; } llmf_fit;
LLMF_API llmf_result llmf_fit_abi(llmf_factory *f, llmf_model m, const llmf_request *req, size_t req_size, llmf_fit *fit, size_t fit_size, llmf_rendered *p, size_t p_size, llmf_error *err);
static inline llmf_result llmf_fit_messages(llmf_factory *f, llmf_model m, const llmf_request *req, llmf_fit *fit, llmf_rendered *p, llmf_error *err) { return llmf_fit_abi(f, m, req, sizeof *req, fit, sizeof *fit, p, sizeof *p, err); }
LLMF_API size_t llmf_conversation_save(llmf_factory *f, const char *path, const char *system, const llmf_message *messages, size_t count, char *out, size_t cap, llmf_error *err);
LLMF_API llmf_result llmf_conversation_load_abi(llmf_factory *f, const char *path, llmf_str text, llmf_rendered *p, size_t p_size, llmf_error *err);
static inline llmf_result llmf_conversation_load(llmf_factory *f, const char *path, llmf_str text, llmf_rendered *p, llmf_error *err) { return llmf_conversation_load_abi(f, path, text, p, sizeof *p, err); }

/* ---- tokens ----

   How many tokens a text has, without asking anybody. LLMF_NO_TOKENS=1 leaves it out: functions are LLMF_ERR_NOT_BUILT, llmf_tokens_open is NULL.
   EXACTLY for what OpenAI's encodings cl100k_base and o200k_base serve (models.def says which models), with their rank files, which are OpenAI's and not in here:
   openaipublic.blob.core.windows.net/encodings/o200k_base.tiktoken and cl100k_base.tiktoken, or the same as a C array by tools/ranks.c. Without, or for others, an ESTIMATE from
   the text's pieces and scripts (its error: README); budgets never take that, they keep to their bound of two bytes a token.
     llmf_tokens_desc  Where the ranks are. path: a .tiktoken file (FILES); or bytes, len: the same, or an image of tools/ranks.c, in memory, then borrowed until llmf_tokens_close: the
                       image is used where it stands. encoding: "cl100k_base" or "o200k_base"; NULL: found by how many tokens there are. What it needs, below 1.5 times the
                       file's size (1.1), 12 bytes for each byte of a longest piece without a blank or sign above 96, and a few hundred, is taken from: `memory` of
                       memory_size bytes, yours until llmf_tokens_close; else `alloc` with `user`; else the heap of the factory; else malloc (LLMF_NO_MALLOC: none). The heap gives powers of two:
                       2 MiB and 4 MiB.
     llmf_tokens_open  Reads the ranks; may block for the disk. f may be NULL: no factory is needed; else close before it. NULL with *err (NULL allowed): LLMF_ERR_CONFIG
                       with the file and line of what is wrong there, LLMF_ERR_MEMORY, LLMF_ERR_ARGUMENT. A handle belongs to one thread at a time, that of its factory if it has one.
     llmf_tokens_close Gives it back; NULL is nothing.
     llmf_tokens_encode  The ids of a text, of which the first `cap` go to ids (NULL with 0: they are only counted); returns how many there are, so that a result above cap was
                       cut. flags: LLMF_TOKENS_SPECIAL: "<|endoftext|>" and its like are the special tokens, else they are text as any other (so take no text of others with it). Bytes that are
                       no UTF-8 are encoded too. Below 0: minus an llmf_result: LLMF_ERR_MEMORY (a piece was too long for the memory), ARGUMENT (t is NULL).
     llmf_tokens_decode  The bytes that ids stand for, of which the first `cap` go to out, without a NUL (NULL with 0: they are only counted); returns how many there are. Ids of a part of
                       a text may end within a character. -LLMF_ERR_ARGUMENT: an id that the encoding has not got.
     llmf_count_tokens What the input of a request counts for that model: of a chat the texts, 3 tokens a message and its role's, 3 for the answer's beginning (OpenAI's cookbook); tools, schemas
                       and media roughly (an estimate then); of LLMF_OP_EMBED the texts alone. Model's prompt_prefix and prompt_suffix are counted. *method (NULL allowed): LLMF_TOKENS_EXACT,
                       LLMF_TOKENS_ESTIMATE. llmf_desc.ranks are read when the first model needs them, at most LLMF_MAX_RANK_FILES; one that is wrong is told to the log, once, and
                       then it is an estimate. llmf_min_memory does not count them. A megabyte of text takes 10 to 40 ms, of exact counts for budgets inside llmf_start and llmf_poll too. Below 0: minus an llmf_result: STALE, ARGUMENT. */
enum { LLMF_TOKENS_EXACT = 1, LLMF_TOKENS_ESTIMATE = 2, LLMF_TOKENS_SPECIAL = 1 }; struct llmf_tokens_desc { const char *path; const void *bytes; size_t len; const char *encoding; void *memory; size_t memory_size; llmf_alloc_fn alloc; void *user; }; typedef struct llmf_tokens llmf_tokens;
LLMF_API llmf_tokens *llmf_tokens_open_abi(llmf_factory *f, const llmf_tokens_desc *desc, size_t desc_size, llmf_error *err); LLMF_API void llmf_tokens_close(llmf_tokens *t); LLMF_API int64_t llmf_tokens_encode(llmf_tokens *t, llmf_str text, int flags, uint32_t *ids, size_t cap);
static inline llmf_tokens *llmf_tokens_open(llmf_factory *f, const llmf_tokens_desc *desc, llmf_error *err) { return llmf_tokens_open_abi(f, desc, sizeof *desc, err); } LLMF_API int64_t llmf_tokens_decode(const llmf_tokens *t, const uint32_t *ids, size_t count, char *out, size_t cap);
LLMF_API int64_t llmf_count_tokens_abi(llmf_factory *f, llmf_model m, const llmf_request *req, size_t req_size, int *method); static inline int64_t llmf_count_tokens(llmf_factory *f, llmf_model m, const llmf_request *req, int *method) { return llmf_count_tokens_abi(f, m, req, sizeof *req, method); }

/* ---- structured answers ------------------------------------------------------------------------------------------------

   Answers that are JSON and keep to a JSON Schema (draft 2020-12), or fill a struct of yours while they come. LLMF_NO_STRUCTURED=1 leaves all of it out.
     llmf_start_json  As llmf_start, with a schema: one call, polled, cancelled and freed as any other. The provider is given the schema where the model can take one (llmf_model_info:
                      LLMF_CAN_SCHEMA), else, or where it refuses that (BAD_REQUEST), the system prompt asks for it. From the answer the JSON value is taken, out of a fence or from between other words, and mended where
                      that can mean one thing only: a comma before a closing bracket, comments, single quotes, keys without quotes, True, False and None, control characters in
                      text, a missing end. If it does not keep to the schema, the model is asked again with what is wrong as a further message: LLMF_EVENT_STEP (index:
                      from 0; text: a line "/items/0/price: must be …" each, or why the provider refused the schema) says that the answer that came so far does not count. After max_repeats of that: LLMF_ERR_SCHEMA with
                      pointer and reason, and the last answer in response.text. On success response.json is the value, response.text the answer as it came, and
                      response.json_repaired what was done: LLMF_JSON_FOUND (there were other words), _MENDED, _CUT (its end was missing: it may lack members and items; see
                      response.finish). Usage, cost and attempts are of all answers; timeouts.total_ms and budget_pico hold for all. An answer with tool calls is handed out as
                      it is, without a value; a refusal is LLMF_ERR_CONTENT_FILTER. Everything is copied but the bytes of media, as in llmf_start_chain. Needs PROMPTS too.
     llmf_json_spec   schema: its text; NULL: the request's `format` is it, as a prompt of the config may have one (else that must be NULL). max_repeats: 0: 2; below 0: none; at most LLMF_MAX_JSON_REPEATS. ask: LLMF_ASK_AUTO, or _NATIVE (the provider must take the schema), or
                      _WORDS (the system prompt asks). strict: not 0: nothing is mended.
     llmf_generate_json  The same, blocking, as llmf_generate; give *r back with llmf_release.
     llmf_json_check  Does the text keep to the schema? LLMF_OK; LLMF_ERR_SCHEMA, err->text has a line for each of the first problems: JSON pointer ("(root)" for the value
                      itself) and reason; of the schema: LLMF_ERR_ARGUMENT where it is malformed, LLMF_ERR_UNSUPPORTED for what is not built in, with pointer, line and column;
                      LLMF_ERR_LIMIT: deeper than LLMF_MAX_SCHEMA_DEPTH or longer than LLMF_MAX_CHECK_WORK; LLMF_ERR_MEMORY. json.ptr NULL: the schema alone is looked at. Uses the
                      factory's block while it runs. err may be NULL.
                      Checked are: type enum const · properties required additionalProperties patternProperties propertyNames minProperties maxProperties dependentRequired
                      dependentSchemas · items prefixItems contains minContains maxContains minItems maxItems uniqueItems · minLength maxLength pattern · minimum maximum
                      exclusiveMinimum exclusiveMaximum multipleOf · allOf anyOf oneOf not if then else · $ref to "#", "#/…" and "#anchor". Passed over as they check nothing:
                      $schema (2020-12, 2019-09, draft 7), $defs, definitions, $anchor, $id of the root, title, description, default, examples, format, $comment, deprecated, readOnly,
                      writeOnly, content…, propertyOrdering, x-…. All else is refused by its name: unevaluated…, $dynamicRef, $ref to other documents.
                      Patterns take time in proportion to the text; they have no \p, no back references and do not look around.
     llmf_field       A member of a struct that JSON fills: a table of them, ended by {0}, made by these macros, with kinds STRING (a char[N], cut at a character's end, NUL behind),
                      INT (a signed whole type), DOUBLE (or float), BOOL (bool or a whole type) and ENUM (the place in words "calm|angry", a whole type):
                          static const llmf_field npc[] = {LLMF_FIELD(struct npc, name, STRING), LLMF_FIELD_ENUM(struct npc, mood, "calm|angry"),
                                                           LLMF_FIELD_ARRAY(struct npc, scores, score_count, INT), LLMF_FIELD_OBJECT(struct npc, home, place), {0}};
                      ARRAY and OBJECTS have a C array and a size_t with the count of the items that have begun.
     llmf_json_feed   Takes the next piece of a JSON text into a stream; allocates nothing. 1: the value is whole, and what follows it does not matter; 0: not yet; below 0: minus an
                      llmf_result (SCHEMA: it is no JSON, or a value does not fit its field; LIMIT), for good, s->error says why (static) and s->path where.
     llmf_json_stream Zero it, then set `fields` and `to` (the struct, which you have zeroed), or on_value, or both; it must not move. What stands before the first bracket is passed
                      over. After each llmf_json_feed the struct holds what is certain by then: text as far as it has come, numbers that have ended. null leaves a field as it is;
                      members that no field names are passed over. lost: values that did not fit (text cut, items beyond the array, numbers beyond the type).
                      on_value: each scalar as it comes: `path` is its JSON pointer (at most 255 bytes of it), kind LLMF_KIND_STRING (text: the piece, decoded; whole 1 with the
                      last, which may be empty), _DOUBLE (text: as written), _BOOL, _NULL. Both live until it returns. It must not call llmf_json_feed on the same stream.
     llmf_json_schema The JSON Schema of a table of fields, all of them required, into `out` (at most cap bytes, NUL included); returns its whole length without NUL. Any thread.
     llmf_text_each   Walks what is no JSON in an answer, by views: *at is 0 at first; *name must stay as it is between two calls. 1: one more, 0: no more, below 0: minus an llmf_result
                      for this one, and the next call goes on behind it. Any thread; each call takes time in proportion to the text.
                      LLMF_EACH_XML: elements and what is in them (walk that again for those inside); other words, comments and attributes are passed over. _TRUNCATED: it has
                      no end, *value is the rest. LLMF_EACH_SECTION: Markdown's headings (# to ######) and all up to the next one of the same level or above; first, with an
                      empty name, what stands before them. LLMF_EACH_FENCE: code blocks, *name what stands behind the fence. _TRUNCATED likewise. LLMF_EACH_TABLE: the rows of
                      Markdown's tables, *name the header's row. LLMF_EACH_CSV: records of CSV (RFC 4180) and, as *name, the first one, its header. Of both _SCHEMA: a row
                      with more or fewer cells than the header, or with a quote that has no end. LLMF_EACH_TABLE_CELL, LLMF_EACH_CSV_CELL: the cells of a row.
     llmf_text_decode The text of an element without others in it (LLMF_EACH_XML: &amp; and CDATA), of a cell (LLMF_EACH_TABLE_CELL: \|; LLMF_EACH_CSV_CELL: quotes), into out (at
                      most cap bytes, NUL included); returns its whole length without NUL; LLMF_NOT_A_STRING: a reference of XML in it is none. Any thread. */
#define LLMF_FIELD_ANY_(type, member, kind, array, each, count, fields, words) {#member, LLMF_KIND_##kind, array, offsetof(type, member), each, sizeof(((type *)0)->member), count, fields, words}
#define LLMF_FIELD(type, member, kind) LLMF_FIELD_ANY_(type, member, kind, 0, sizeof(((type *)0)->member), 0, NULL, NULL)
#define LLMF_FIELD_ENUM(type, member, words) LLMF_FIELD_ANY_(type, member, ENUM, 0, sizeof(((type *)0)->member), 0, NULL, words)
#define LLMF_FIELD_OBJECT(type, member, fields) LLMF_FIELD_ANY_(type, member, OBJECT, 0, sizeof(((type *)0)->member), 0, fields, NULL)
#define LLMF_FIELD_ARRAY(type, member, count, kind) LLMF_FIELD_ANY_(type, member, kind, 1, sizeof(((type *)0)->member[0]), offsetof(type, count), NULL, NULL)
#define LLMF_FIELD_OBJECTS(type, member, count, fields) LLMF_FIELD_ANY_(type, member, OBJECT, 1, sizeof(((type *)0)->member[0]), offsetof(type, count), fields, NULL)
enum { LLMF_JSON_FOUND = 1, LLMF_JSON_MENDED = 2, LLMF_JSON_CUT = 4, LLMF_ASK_AUTO = 0, LLMF_ASK_NATIVE = 1, LLMF_ASK_WORDS = 2, LLMF_KIND_NULL = 0, LLMF_KIND_STRING = 1, LLMF_KIND_INT = 2, LLMF_KIND_DOUBLE = 3, LLMF_KIND_BOOL = 4, LLMF_KIND_ENUM = 5, LLMF_KIND_OBJECT = 6, LLMF_EACH_XML = 1, LLMF_EACH_SECTION = 2, LLMF_EACH_FENCE = 3, LLMF_EACH_TABLE = 4, LLMF_EACH_CSV = 5, LLMF_EACH_TABLE_CELL = 6, LLMF_EACH_CSV_CELL = 7 }; typedef struct llmf_json_spec { const char *schema; int max_repeats, ask, strict; } llmf_json_spec;
typedef struct llmf_field { const char *name; int kind, array; size_t offset, each, size, count; const struct llmf_field *fields; const char *words; } llmf_field; typedef struct llmf_json_stream { const llmf_field *fields; void *to; void (*on_value)(void *user, const char *path, int kind, llmf_str text, int whole); void *user; const char *error, *path; size_t lost; uint64_t room[144]; } llmf_json_stream;
LLMF_API llmf_call llmf_start_json_abi(llmf_factory *f, llmf_model m, const llmf_request *req, size_t req_size, const llmf_json_spec *spec, size_t spec_size);
static inline llmf_call llmf_start_json(llmf_factory *f, llmf_model m, const llmf_request *req, const llmf_json_spec *spec) { return llmf_start_json_abi(f, m, req, sizeof *req, spec, sizeof *spec); }
LLMF_API llmf_result llmf_generate_json_abi(llmf_factory *f, llmf_model m, const llmf_request *req, size_t req_size, const llmf_json_spec *spec, size_t spec_size, llmf_response *r, size_t r_size);
static inline llmf_result llmf_generate_json(llmf_factory *f, llmf_model m, const llmf_request *req, const llmf_json_spec *spec, llmf_response *r) { return llmf_generate_json_abi(f, m, req, sizeof *req, spec, sizeof *spec, r, sizeof *r); }
LLMF_API llmf_result llmf_json_check(llmf_factory *f, const char *schema, llmf_str json, llmf_error *err);
LLMF_API int llmf_json_feed(llmf_json_stream *s, llmf_str piece); LLMF_API size_t llmf_json_schema(const llmf_field *fields, char *out, size_t cap);
LLMF_API int llmf_text_each(int kind, llmf_str text, size_t *at, llmf_str *name, llmf_str *value); LLMF_API size_t llmf_text_decode(int kind, llmf_str raw, char *out, size_t cap);

/* ---- other event loops, what would be sent, config without a factory ----

   What the functions and types of this section are for; their members are explained where they stand.
     llmf_fds          The descriptors to wait for, at most cap of them into fds; returns how many there are. Call llmf_poll(f, 0) when one is ready. On Linux (not with
                       LLMF_NO_EPOLL) it is one, for reading, that stands for all of them and stays the same until llmf_close; elsewhere ask before each wait.
     llmf_deadline_ms  Milliseconds until llmf_poll must run again, 0: now, -1: only when a descriptor is ready.
     llmf_wakeup       Makes a waiting llmf_poll return. The one function that any thread may call while another uses the factory.
     llmf_preview      The HTTP request of a call, keys redacted, and so are the config's headers whose names speak of a secret. Lives until llmf_free(call).
     llmf_preview      Builds what llmf_start would send, and sends nothing. Free p->call with llmf_free.
     llmf_check        Checks the configs of *desc and tells each problem: file:line:column are in err->text too. Returns the number of problems. Warnings are told (": warning: "
                       is in their text) and not counted: a key that stands in the file (worse, in one that others may read), a key that would go out in the clear to a host of
                       one's own network (to any other but this machine it is an error), a price that looks like one per token or per thousand tokens, fallbacks that go round
                       (a model that falls back to itself is an error). docs/config.schema.json has all sections and keys, for editors too: with
                       "# yaml-language-server: $schema=docs/config.schema.json" as a file's first line they are completed and checked while one types. */
enum { LLMF_FD_READ = 1, LLMF_FD_WRITE = 2 };
typedef struct llmf_fd {
    intptr_t fd;
    int events;                    /* LLMF_FD_READ, LLMF_FD_WRITE */
} llmf_fd;
LLMF_API size_t llmf_fds(llmf_factory *f, llmf_fd *fds, size_t cap);
LLMF_API int64_t llmf_deadline_ms(llmf_factory *f);
LLMF_API void llmf_wakeup(llmf_factory *f);
typedef struct llmf_header { llmf_str name, value; } llmf_header;
typedef struct llmf_preview {
    llmf_call call;
    llmf_str method, url, body;
    const llmf_header *headers;
    size_t header_count;
    llmf_error error;
} llmf_preview;
LLMF_API llmf_result llmf_preview_abi(llmf_factory *f, llmf_model m, const llmf_request *req, size_t req_size, llmf_preview *p, size_t p_size);
static inline llmf_result llmf_preview_request(llmf_factory *f, llmf_model m, const llmf_request *req, llmf_preview *p) { return llmf_preview_abi(f, m, req, sizeof *req, p, sizeof *p); }
LLMF_API size_t llmf_check_abi(const llmf_desc *desc, size_t desc_size, void (*report)(void *user, const llmf_error *err), void *user);
static inline size_t llmf_check(const llmf_desc *desc, void (*report)(void *user, const llmf_error *err), void *user) { return llmf_check_abi(desc, sizeof *desc, report, user); }

/* ---- JSON as it comes: arguments of a tool call, structured answers -------------------------------------------------

   All of these may be used in any thread. Texts that come back are views of what was given.
     llmf_json_each    walks the members of an object or the items of an array, strictly read: *at is 0 at first. *key is the member's name as written between its
                       quotes (empty in an array; NULL allowed), *value its JSON text. False after the last one, or where `json` is no object or array or is broken
                       there (llmf_json_valid tells which)
     llmf_json_get     the member of that name of an object; false if there is none
     llmf_json_string  the text of a JSON string value, decoded, into out (at most cap bytes, NUL included); returns its whole length without NUL, so a result of cap or
                       more was cut; LLMF_NOT_A_STRING if the value is none
     llmf_json_number  a JSON number; false if the value is none
     llmf_json_valid   one whole JSON value and nothing else; *bad (NULL allowed) is the offset of the first wrong byte
     llmf_aws_decode   what a reply of an AWS service that holds configuration says, as a JSON object in `out` (at most cap bytes, NUL included): of "GetObject" (S3),
                       "GetParameter" (SSM) and "GetSecretValue" {"value": text}, or {"value_b64": …} where the bytes are no UTF-8; of "ListObjectsV2" {"keys": […],
                       "prefixes": […], "next_token": …}. status and body are the reply's. Returns the object's whole length without NUL, so a result of cap or more was
                       cut; 0 with *err (NULL allowed) where the reply is an error or none of that operation: `out` then holds the service's own message, and
                       err->message is a view of that */
#define LLMF_NOT_A_STRING ((size_t)-1)
LLMF_API bool llmf_json_each(llmf_str json, size_t *at, llmf_str *key, llmf_str *value);
LLMF_API bool llmf_json_get(llmf_str json, const char *name, llmf_str *value);
LLMF_API size_t llmf_json_string(llmf_str value, char *out, size_t cap);
LLMF_API bool llmf_json_number(llmf_str value, double *out); LLMF_API bool llmf_json_valid(llmf_str json, size_t *bad);
LLMF_API size_t llmf_aws_decode(const char *operation, int status, llmf_str body, char *out, size_t cap, llmf_error *err);

/* ---- transports of one's own, and replies from a record ---------------------------------------------------------------

   llmf_exchange is one HTTP exchange, made by the library, carried out by a transport; valid from start to llmf_exchange_end or cancel.

   llmf_transport is an HTTP client of one's own (an engine's, a browser's). It calls the llmf_exchange_… functions from start or poll, in the thread of llmf_poll:
     start    begins; returns LLMF_OK, or an llmf_result: then the exchange has ended. *req lives until the end of the exchange
     cancel   stops: the exchange must not be touched after
     poll     called by each llmf_poll; waits at most timeout_ms for something to happen. NULL: nothing to pump
     llmf_exchange_read    the body to send: at most cap bytes from where the last read ended; 0: no more. llmf_exchange_rewind first to send again
     llmf_exchange_status, then _header, _data, _end   the reply, in this order; the status once, after 1xx
     llmf_exchange_data    returns how many bytes were taken. Fewer than len: the call has enough for now, offer the rest at a later poll
     llmf_exchange_end     LLMF_OK when the reply is complete, else NETWORK, TLS, TIMEOUT, TRUNCATED… with a text that says what happened (NULL: none)

   llmf_stream_ops is a byte stream of one's own under our HTTP (a UART, a TLS library). All functions return at once:
     open     opens a connection; NULL on failure. tls: the URL says https
     ready    1: connected, 0: not yet, below 0: minus an llmf_result
     read, write   bytes moved; 0: none now; below 0: minus an llmf_result; read gives LLMF_STREAM_END where the peer has closed
     fd       the descriptor to wait for; -1: none, poll often. *events comes in with what is wanted (LLMF_FD_READ, LLMF_FD_WRITE): change it only where the stream
              needs something else. NULL: none

   llmf_recording is a recorded reply, played to every call of a factory whose transport is "replay" that starts after llmf_replay. Nothing is copied. Its faults are each
   at a byte of the body counted from 1; 0: none. cut: the connection ends there as if all were well; reset: it breaks; stall: nothing comes any more. */
typedef struct llmf_exchange llmf_exchange;
typedef struct llmf_http_request {
    llmf_str method, url;          /* "POST", "https://host/path?query" */
    const llmf_header *headers;    /* Host and Content-Length not among them */
    size_t header_count;
    uint64_t body_len;
    int64_t connect_timeout_ms;
} llmf_http_request;
struct llmf_transport {
    void *user;
    int (*start)(void *user, llmf_exchange *x, const llmf_http_request *req);
    void (*cancel)(void *user, llmf_exchange *x);
    void (*poll)(void *user, int timeout_ms);
};
LLMF_API size_t llmf_exchange_read(llmf_exchange *x, char *out, size_t cap);
LLMF_API void llmf_exchange_rewind(llmf_exchange *x);
LLMF_API void llmf_exchange_status(llmf_exchange *x, int status);
LLMF_API void llmf_exchange_header(llmf_exchange *x, llmf_str name, llmf_str value);
LLMF_API size_t llmf_exchange_data(llmf_exchange *x, const char *bytes, size_t len);
LLMF_API void llmf_exchange_end(llmf_exchange *x, int result, const char *text);
#define LLMF_STREAM_END (-1000)
struct llmf_stream_ops {
    void *user;
    void *(*open)(void *user, const char *host, int port, bool tls);
    int (*ready)(void *user, void *stream);
    int (*read)(void *user, void *stream, char *out, size_t cap);
    int (*write)(void *user, void *stream, const char *bytes, size_t len);
    void (*close)(void *user, void *stream);
    intptr_t (*fd)(void *user, void *stream, int *events);
};
typedef struct llmf_recording {
    int status;                    /* 0: 200 */
    const llmf_header *headers;
    size_t header_count;
    llmf_str body;
    size_t chunk;                  /* bytes at a time; 0: all at once */
    uint64_t seed;                 /* pieces of random size from 1 to chunk (0: 64) instead; 0: not random */
    uint64_t cut_at, reset_at, stall_at;
} llmf_recording;
LLMF_API llmf_result llmf_replay(llmf_factory *f, const llmf_recording *recording);

/* ---- providers of one's own --------------------------------------------------------------------------------------------

   llmf_provider_desc is a host that speaks a known dialect. What NULL means is said at each field.

   llmf_dialect is a wire dialect of one's own: pure functions, request -> bytes, bytes -> events.
     path       writes the path behind the base URL ("/chat"), by llmf_out_write. NULL: nothing is added
     body       writes the body, likewise. May be called more than once for one request and must then write the same bytes
     framing, stream_framing   how replies with status 200 are framed: LLMF_FRAMING_… JSON_ARRAY: the elements of one array; a stream that does not begin with '[' is
                read as SSE
     on_frame   takes one frame: the whole body (JSON), an event (SSE), a line (NDJSON) or an element (JSON_ARRAY), and tells what it holds by the llmf_reply_… functions
     llmf_out_json_string   writes text as a JSON string, quotes and escapes included
     llmf_reply_done        the reply is whole: an end of the bytes before this is TRUNCATED */
typedef struct llmf_provider_desc {
    const char *name;
    const char *dialect;           /* "openai", "anthropic", "ollama", …, or the name of a registered dialect */
    const char *base_url;
    const char *key_env;           /* NULL: it needs no key */
    const char *default_model;     /* NULL: none */
    const char *config;            /* more keys of a `providers:` entry as YAML or JSON: "{quirks: {…}}"; NULL: none */
} llmf_provider_desc;
LLMF_API llmf_result llmf_register_abi(llmf_factory *f, const llmf_provider_desc *p, size_t p_size, llmf_error *err);
static inline llmf_result llmf_register(llmf_factory *f, const llmf_provider_desc *p, llmf_error *err) { return llmf_register_abi(f, p, sizeof *p, err); }
typedef struct llmf_reply llmf_reply;
enum { LLMF_FRAMING_JSON = 0, LLMF_FRAMING_SSE = 1, LLMF_FRAMING_NDJSON = 2, LLMF_FRAMING_JSON_ARRAY = 3 };
typedef struct llmf_dialect {
    const char *name;
    void *user;
    void (*path)(void *user, const llmf_request *req, const llmf_model_info *model, llmf_out *out);
    void (*body)(void *user, const llmf_request *req, const llmf_model_info *model, llmf_out *out);
    int framing, stream_framing;
    void (*on_frame)(void *user, llmf_reply *reply, llmf_str event, llmf_str data);
} llmf_dialect;
LLMF_API llmf_result llmf_register_dialect_abi(llmf_factory *f, const llmf_dialect *d, size_t d_size, llmf_error *err);
static inline llmf_result llmf_register_dialect(llmf_factory *f, const llmf_dialect *d, llmf_error *err) { return llmf_register_dialect_abi(f, d, sizeof *d, err); }
LLMF_API void llmf_out_write(llmf_out *out, const char *bytes, size_t len);
LLMF_API void llmf_out_json_string(llmf_out *out, llmf_str text);
LLMF_API void llmf_reply_text(llmf_reply *r, llmf_str text); LLMF_API void llmf_reply_reasoning(llmf_reply *r, llmf_str text);
LLMF_API void llmf_reply_tool(llmf_reply *r, llmf_str id, llmf_str name, llmf_str arguments);
LLMF_API void llmf_reply_finish(llmf_reply *r, llmf_str word);
LLMF_API void llmf_reply_usage(llmf_reply *r, const llmf_usage *usage);
LLMF_API void llmf_reply_error(llmf_reply *r, int result, llmf_str provider_code, llmf_str message);
LLMF_API void llmf_reply_done(llmf_reply *r);

#ifdef __cplusplus
}
#endif
#endif
