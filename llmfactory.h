/* llmfactory.h - one header that talks to any large language model.            version 0.1.0, MIT-0 (no attribution needed)

   DO THIS
     In one C or C++ file, before other includes:
         #define LLMFACTORY_IMPLEMENTATION
         #include "llmfactory.h"
     everywhere else only the include. Then:  cc -std=c99 hello.c -lcurl

   A COMPLETE PROGRAM
         #define LLMFACTORY_IMPLEMENTATION
         #include "llmfactory.h"
         #include <stdio.h>

         int main(void) {
             llmf_error err;
             llmf_event ev;
             llmf_factory *f = llmf_open(NULL, &err);
             llmf_model m = llmf_get(f, "openai:gpt-4o-mini", &err);
             llmf_request req = {0};
             llmf_call c;
             if (!m.id) return fprintf(stderr, "%s\n", err.text), 1;
             req.prompt = "Say hi in three languages.";
             req.stream = true;
             c = llmf_start(f, m, &req);
             while (llmf_poll(f, -1) >= 0 && c.id) {
                 while (llmf_next(f, c, &ev)) {
                     if (ev.type == LLMF_EVENT_TEXT) fwrite(ev.text.ptr, 1, ev.text.len, stdout);
                     if (ev.type == LLMF_EVENT_ERROR) fprintf(stderr, "%s\n", ev.response->error.text);
                     if (ev.response) c.id = 0;
                 }
                 fflush(stdout);
             }
             llmf_close(f);
             return 0;
         }
     The key is read from OPENAI_API_KEY. "ollama:llama3.2" needs none, "anthropic:claude-sonnet-5" wants ANTHROPIC_API_KEY, and so on;
     a config file gives such things names of your own ("fast", "smart") and may redirect them later, without a new build.

   HOW IT WORKS
     A factory holds everything: config, connections, one block of memory. A name gives a model handle (llmf_get), a model and a request
     give a call (llmf_start). llmf_poll is the only engine: nothing happens outside of it, there is no thread and no hidden state.
     Three faces of the same machine, in the same program if you like:
       llmf_poll + llmf_next    pull events when it suits you: a game loop calls llmf_poll(f, 0) once a frame
       llmf_request.on_event    events pushed to a callback, which runs inside llmf_poll and may say LLMF_STOP
       llmf_generate            blocks until the answer is there
     Each call ends in exactly one final event, DONE or ERROR, with a llmf_response: text, reasoning, tool calls, why it stopped, tokens,
     cost. After an error it holds what had arrived. llmf_cancel works at any byte and closes the connection.

   WHAT IT DOES NOT DO
     It does not retry by itself (yet), run tools for you (yet), or fetch anything at start-up. It does not validate what a model writes.
     It counts no tokens before sending. A cut stream is an error here, never a short answer.

   HOW TO LINK
     default            -lcurl              every provider over HTTPS; plain http goes over our own sockets
     LLMF_NO_CURL=1     nothing             http only (Ollama, llama.cpp, a proxy), or your own transport:
                                            llmf_desc.custom_transport (an engine's HTTP), llmf_desc.custom_stream (a TLS library, a UART)
     Windows            -lws2_32            with mingw-w64; add -lcurl as above
     -std=c99 hides POSIX: include this header first in the implementation file, or compile with -D_DEFAULT_SOURCE or -std=gnu99.

   NAMES, in the order in which they are looked up
     a key of the config ("fast") · a model of the table ("gpt-4o") · provider:model ("groq:any-id"), where the provider is known
     ("local" is ollama, "claude" anthropic) · the default provider's model of that name. What is unknown is an error with the nearest names.

   CONFIG: llmf_desc.config names a file, or a directory with one file per model; YAML (a subset) or JSON
         fast:   {provider: openai, model_id: gpt-4o-mini, temperature: 0.2}
         local:  {provider: ollama, model_id: "llama3.2", base_url: "${OLLAMA:-http://localhost:11434}"}
     under `models:`; `providers:` adds hosts. Every mistake is told as file:line:column with the nearest known key.

   OPTIONS are values, set before the include or by -D (all of them: see "Every option" below, or src/options.h)
     LLMF_NO_X=1                leaves provider, transport or feature X out
     LLMF_ONLY=1 LLMF_WITH_X=1  leaves everything out but what is named
     LLMF_NO_MODELS=1           drops the table of models (prices, limits)
     LLMF_STATIC=1              all functions static: two versions can live in one program

   THREADS      A factory belongs to one thread at a time; several factories are independent. llmf_wakeup alone may cross threads.
                (libcurl's global init is done once at the first open: set llmf_desc.no_global_init if your program does it.)
   MEMORY       One block, yours or allocated once at open (llmf_desc.memory, memory_size); nothing is allocated after. libcurl allocates for
                itself. When the block is used up a call ends with LLMF_ERR_MEMORY and all others go on. llmf_memory() shows the high-water mark.
   LIFETIMES    llmf_start copies texts; image, audio and file bytes are borrowed until the final event. Texts of an event live until
                the next llmf_next on that call; a response until llmf_free or llmf_release; a handle until llmf_close.
   FRAMES       With llmf_desc.slice_us set, llmf_poll(f, 0) ends within the slice plus one event (over curl: plus one descriptor). What cannot be
                sliced: a TLS handshake step and a redirected proxy handshake inside libcurl, libcurl's own threaded resolver start, and
                getaddrinfo of the socket transport, which blocks: give llmf_desc.resolve, or an address.
   SECRETS      Keys go into one header, never into a URL, a log, an error or a preview; that header is wiped when the call is freed. TLS is
                verified; redirects are not followed.

   CONTENTS: small types · opening and closing · models · requests · calls · other event loops · what would be sent · config without a factory ·
   JSON as it comes · transports of one's own · replay · providers of one's own · (with LLMFACTORY_IMPLEMENTATION:) every option · base ·
   wire · providers · net · factory · engine · tasks */
/* -std=c99 hides POSIX, and the macro that shows it counts only before the first system header of a file: so this stands on top of the product. */
#if defined(LLMFACTORY_IMPLEMENTATION) && !defined(__cplusplus) && !defined(_WIN32) && !defined(_DEFAULT_SOURCE) && !defined(_GNU_SOURCE)
#define _DEFAULT_SOURCE 1
#endif
#if defined(LLMFACTORY_IMPLEMENTATION) && defined(_FEATURES_H) && defined(__GLIBC__) && !defined(__USE_XOPEN2K)
#error "llmfactory: -std=c99 hides POSIX. In the file with LLMFACTORY_IMPLEMENTATION include llmfactory.h before every other header, or compile it with -D_DEFAULT_SOURCE or -std=gnu99"
#endif
#if defined(LLMFACTORY_IMPLEMENTATION) && defined(__APPLE__) && !defined(_DARWIN_C_SOURCE)
#define _DARWIN_C_SOURCE 1
#endif
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

/* ---- small types -------------------------------------------------------------------------------------------------- */

/* A piece of text: not owned, UTF-8, may hold NUL. What the library hands out has a NUL behind it (not counted in len) where it is
   a member of llmf_response or llmf_model_info; text of an event has none. */
typedef struct llmf_str {
    const char *ptr;
    size_t len;
} llmf_str;

typedef struct llmf_factory llmf_factory;

/* A model as a name gives it, and a call under way. Plain ids: copy them freely. 0 is no handle; one that has ended is
   LLMF_ERR_STALE wherever it is used, never another model or call. */
typedef struct llmf_model {
    uint64_t id;
} llmf_model;
typedef struct llmf_call {
    uint64_t id;
} llmf_call;

/* Numbers are never reused. llmf_result_name() gives "rate_limit" for LLMF_ERR_RATE_LIMIT, and so on. */
typedef enum llmf_result {
    LLMF_OK = 0,
    LLMF_ERR_ARGUMENT = 1,         /* the caller's own mistake: the text names the field */
    LLMF_ERR_CONFIG = 2,           /* a config file or variable: file:line:column in the text */
    LLMF_ERR_UNKNOWN_MODEL = 3,
    LLMF_ERR_UNKNOWN_PROVIDER = 4,
    LLMF_ERR_NOT_BUILT = 5,        /* known, but left out of this build: the text names the macro */
    LLMF_ERR_UNSUPPORTED = 6,      /* this provider or model cannot do that */
    LLMF_ERR_AUTH = 7,             /* no key, or a wrong one */
    LLMF_ERR_PERMISSION = 8,
    LLMF_ERR_NOT_FOUND = 9,
    LLMF_ERR_RATE_LIMIT = 10,
    LLMF_ERR_QUOTA = 11,
    LLMF_ERR_CONTEXT_LENGTH = 12,
    LLMF_ERR_CONTENT_FILTER = 13,
    LLMF_ERR_BAD_REQUEST = 14,
    LLMF_ERR_OVERLOADED = 15,
    LLMF_ERR_SERVER = 16,
    LLMF_ERR_TIMEOUT = 17,         /* the text says which: connect, first byte, first content, idle, total */
    LLMF_ERR_NETWORK = 18,
    LLMF_ERR_TLS = 19,
    LLMF_ERR_PROTOCOL = 20,        /* the reply is not what the protocol says */
    LLMF_ERR_TRUNCATED = 21,       /* the reply ended before its end */
    LLMF_ERR_MEMORY = 22,          /* the block is used up: the text names the option to raise */
    LLMF_ERR_LIMIT = 23,           /* one of the limits of llmf_desc */
    LLMF_ERR_BUDGET = 24,
    LLMF_ERR_SCHEMA = 25,
    LLMF_ERR_CANCELLED = 26,
    LLMF_ERR_STALE = 27,           /* a handle that has ended */
    LLMF_ERR_ALL_FAILED = 28       /* every candidate failed: the text has each one's reason */
} llmf_result;

/* Why something did not work, and what to do about it. Never holds a key or a prompt. */
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

/* Tokens. LLMF_UNKNOWN where the provider did not say: that is not 0. */
typedef struct llmf_usage {
    int64_t input;                 /* the whole prompt, cached and written tokens included */
    int64_t cache_read, cache_write;
    int64_t output;                /* all that was generated, reasoning included */
    int64_t reasoning;
} llmf_usage;

/* ---- opening and closing ------------------------------------------------------------------------------------------- */

enum { LLMF_LOG_ERROR = 1, LLMF_LOG_WARNING = 2, LLMF_LOG_INFO = 3, LLMF_LOG_DEBUG = 4 };

/* One allocation at open, one release at close: ptr NULL, old 0: give `size` bytes; size 0: take back. */
typedef void *(*llmf_alloc_fn)(void *user, void *ptr, size_t old_size, size_t size);
/* Milliseconds, 0: from config or the default; below 0: none. */
typedef struct llmf_timeouts {
    int64_t connect_ms;            /* until the connection stands, TLS included. Default 10,000 */
    int64_t first_byte_ms;         /* from there to the first byte of the reply. Default 120,000 */
    int64_t first_content_ms;      /* from the start to the first text, reasoning or tool call. Default none */
    int64_t idle_ms;               /* the longest silence between two pieces of content; keep-alive comments do not count. Default 60,000 */
    int64_t total_ms;              /* Default none */
} llmf_timeouts;

typedef struct llmf_transport llmf_transport;
typedef struct llmf_stream_ops llmf_stream_ops;

/* Turns a host name into addresses without blocking. Called from poll until it answers: put at most `cap` addresses as text ("127.0.0.1", "::1")
   NUL-terminated into out, 64 bytes each, and return how many; 0: not found; -1: not yet, ask again. */
typedef int (*llmf_resolve_fn)(void *user, const char *host, char (*out)[64], int cap);

/* Everything has a good zero. */
typedef struct llmf_desc {
    const char *config;            /* a YAML or JSON file, or a directory of them; NULL: none (the tables and the environment only) */
    const char *const *configs;    /* more of them, later over earlier */
    size_t config_count;
    const char *config_text;       /* a config held in memory, laid over the files; NULL: none */
    const char *env_file;          /* a .env file: its lines stand in for missing environment variables. NULL: none */
    bool no_env;                   /* do not read the environment */
    const char *(*getenv_fn)(void *user, const char *name); /* instead of getenv(); NULL: getenv */
    const char *provider;          /* default provider for names that say none; NULL: LLM_PROVIDER, or none */
    const char *base_url;          /* replaces the base URL of every provider's row (tests, proxies); NULL: the row's */
    const char *api_key;           /* one key for every provider: for tests and one-provider programs; NULL: each provider's own */
    const char *api_key_env;       /* the same, by the name of a variable */

    void *memory;                  /* the one block, yours until llmf_close; NULL: one allocation of memory_size bytes */
    size_t memory_size;            /* 0: 8 MiB */
    llmf_alloc_fn alloc;           /* for that one allocation; NULL: malloc and free */
    int max_calls;                 /* calls at once; 0: 64 */
    int max_models;                /* prepared models kept (LRU); 0: 128 */
    size_t max_response;           /* bytes of one reply's body; 0: 64 MiB */
    size_t max_line;               /* bytes of one event or line of a stream; 0: 8 MiB */
    size_t recv_size;              /* bytes read at a time; 0: 16 KiB */

    const char *transport;         /* "curl", "socket", "replay"; NULL: the first that is built in and serves the URL */
    const llmf_transport *custom_transport;     /* your own HTTP (borrowed until close); wins over `transport` */
    const llmf_stream_ops *custom_stream;       /* your own byte stream under our HTTP (borrowed until close) */
    int max_connections;           /* at once; 0: 100 */
    int max_idle;                  /* kept open for the next call; 0: 10; below 0: none */
    const char *proxy;             /* curl only; NULL: none */
    const char *ca_file;           /* PEM roots; NULL: the system's */
    const char *ca_pem;            /* PEM roots in memory; wins over ca_file */
    bool insecure_tls;             /* do not verify: for tests on loopback only */
    bool no_global_init;           /* the program calls curl_global_init itself */
    llmf_resolve_fn resolve;       /* socket transport; NULL: getaddrinfo, which may block for a look-up */
    llmf_timeouts timeouts;
    int64_t slice_us;              /* longest piece of work of one llmf_poll, in microseconds; 0: until nothing is ready */

    uint64_t (*clock_ns)(void *user);           /* monotonic nanoseconds; NULL: the system's */
    int64_t (*wall_ms)(void *user);             /* milliseconds since 1970; NULL: the system's */
    void (*random)(void *user, void *bytes, size_t len); /* NULL: the system's */
    void (*log)(void *user, int level, int id, llmf_str text); /* one line, no newline; NULL: silent */
    int log_level;                 /* 0: LLMF_LOG_WARNING */
    void *user;                    /* handed to every hook above */
} llmf_desc;

/* Opens a factory: reads the config, builds the tables. NULL on failure, with *err filled (every problem goes to the log hook; the text
   has the first and the count). err may be NULL. Everything in *desc is copied but what its comment calls borrowed. Reads files, so may block. */
LLMF_API llmf_factory *llmf_open_abi(int abi, const llmf_desc *desc, size_t desc_size, llmf_error *err);
static inline llmf_factory *llmf_open(const llmf_desc *desc, llmf_error *err) {
    return llmf_open_abi(LLMF_ABI, desc, sizeof *desc, err);
}
/* Ends all calls (no events any more), closes connections, wipes keys. NULL is nothing. */
LLMF_API void llmf_close(llmf_factory *f);

/* Bytes of memory_size that this description needs at least, for max_calls plain calls of a few KB each. Reads the config files to know. */
LLMF_API size_t llmf_min_memory_abi(const llmf_desc *desc, size_t desc_size);
static inline size_t llmf_min_memory(const llmf_desc *desc) {
    return llmf_min_memory_abi(desc, sizeof *desc);
}

typedef struct llmf_memory_info {
    size_t block, permanent, used, high_water;  /* bytes: the whole block; taken for good at open; of the heap now; the most there was */
    uint64_t requests;                          /* pieces asked of the heap since open */
} llmf_memory_info;
LLMF_API void llmf_memory_abi(const llmf_factory *f, llmf_memory_info *info, size_t info_size);
static inline void llmf_memory(const llmf_factory *f, llmf_memory_info *info) {
    llmf_memory_abi(f, info, sizeof *info);
}
/* Fault injection: the nth request to the heap from now on is refused (0: none), and each later one too if `on`. */
LLMF_API void llmf_fail_memory(llmf_factory *f, uint64_t nth, bool on);

/* ---- models -------------------------------------------------------------------------------------------------------- */

/* The handle of a name: a key of the config, a row of the table, or provider:model. The same name gives the same handle; the last
   max_models of them are kept prepared. {0} on failure with *err filled (NULL is allowed): UNKNOWN_MODEL, UNKNOWN_PROVIDER, NOT_BUILT, CONFIG.
   name NULL: the default provider's default model. A missing key is told when a call starts, not here. */
LLMF_API llmf_model llmf_get(llmf_factory *f, const char *name, llmf_error *err);
/* As llmf_get, after reading the config again (force_reload). Calls in flight and handles keep what they have until the new config is valid as a whole. */
LLMF_API llmf_model llmf_get_fresh(llmf_factory *f, const char *name, llmf_error *err);
/* Reads all sources again and swaps if they are valid; else the old config stays and *err tells. */
LLMF_API llmf_result llmf_reload(llmf_factory *f, llmf_error *err);
/* A handle of one's own: the named model with the settings of `config` (a YAML or JSON mapping with the keys of a model: "{temperature: 0, max_tokens: 99}")
   laid over. Give it back with llmf_drop. NULL config: an unchanged copy. */
LLMF_API llmf_model llmf_create(llmf_factory *f, const char *name, const char *config, llmf_error *err);
LLMF_API void llmf_drop(llmf_factory *f, llmf_model m);

/* What is known of a model. Texts live until the next llmf_reload or llmf_close. Prices are pico-dollars a token, LLMF_UNKNOWN if unknown
   (1 USD per million tokens = 1,000,000). */
typedef struct llmf_model_info {
    llmf_str name, provider, model_id, dialect, base_url, description;
    int64_t context_window, max_output;         /* tokens; LLMF_UNKNOWN */
    int64_t price_input, price_output, price_cache_read, price_cache_write;
    uint32_t capabilities;                      /* LLMF_CAN_… */
    bool configured;                            /* a key of the config, not only a row of the table */
    bool has_key;                               /* its provider needs none, or one is there */
    int unavailable;                            /* llmf_result why a call could not start; LLMF_OK */
} llmf_model_info;
enum { LLMF_CAN_TOOLS = 1, LLMF_CAN_IMAGES = 2, LLMF_CAN_AUDIO = 4, LLMF_CAN_FILES = 8, LLMF_CAN_REASON = 16, LLMF_CAN_SCHEMA = 32, LLMF_CAN_EMBED = 64, LLMF_CAN_TRANSCRIBE = 128 };
LLMF_API llmf_result llmf_model_info_abi(llmf_factory *f, llmf_model m, llmf_model_info *info, size_t info_size);
static inline llmf_result llmf_describe(llmf_factory *f, llmf_model m, llmf_model_info *info) {
    return llmf_model_info_abi(f, m, info, sizeof *info);
}
/* The i-th known model, from 0: the config's first, then the table's. False past the end. */
LLMF_API bool llmf_model_at_abi(llmf_factory *f, size_t i, llmf_model_info *info, size_t info_size);
static inline bool llmf_model_at(llmf_factory *f, size_t i, llmf_model_info *info) {
    return llmf_model_at_abi(f, i, info, sizeof *info);
}

typedef struct llmf_provider_info {
    llmf_str name, dialect, base_url, key_variable, default_model;
    bool needs_key, has_key, primary;
    int unavailable;                            /* llmf_result why it cannot be used; LLMF_OK */
    char reason[160];                           /* the same in words, with what to do; "" */
} llmf_provider_info;
/* The i-th provider, from 0: registered and config's first, then the table's, those left out of the build too. */
LLMF_API bool llmf_provider_at_abi(llmf_factory *f, size_t i, llmf_provider_info *info, size_t info_size);
static inline bool llmf_provider_at(llmf_factory *f, size_t i, llmf_provider_info *info) {
    return llmf_provider_at_abi(f, i, info, sizeof *info);
}

/* ---- requests ------------------------------------------------------------------------------------------------------ */

enum { LLMF_USER = 0, LLMF_ASSISTANT = 1, LLMF_SYSTEM = 2, LLMF_TOOL = 3 };
enum { LLMF_PART_TEXT = 0, LLMF_PART_IMAGE = 1, LLMF_PART_AUDIO = 2, LLMF_PART_FILE = 3 };
enum { LLMF_UNSET = 0, LLMF_YES = 1, LLMF_NO = 2 };
/* For numbers whose zero means "not set": a true zero. */
#define LLMF_ZERO (-1.0)

/* One piece of a message with several. Of data, path and url give one. */
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

/* A function that the model wants called. `arguments` is JSON text: "{}" where it gave none. */
typedef struct llmf_tool_call {
    llmf_str id, name, arguments;
    bool invalid;                  /* in a response: arguments is no valid JSON (cut off): as it came */
} llmf_tool_call;

typedef struct llmf_message {
    int role;                      /* LLMF_USER … LLMF_TOOL */
    const char *content;
    size_t content_len;            /* 0: content ends with NUL (or is NULL) */
    const llmf_part *parts;        /* besides content, after it; NULL: none */
    size_t part_count;
    const llmf_tool_call *tool_calls; /* of an assistant message */
    size_t tool_call_count;
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

struct llmf_event;
enum { LLMF_CONTINUE = 0, LLMF_STOP = 1 };

typedef struct llmf_request {
    const char *prompt;            /* one user message; or messages below */
    size_t prompt_len;             /* 0: ends with NUL */
    const char *system;            /* NULL: none */
    size_t system_len;
    const llmf_message *messages;
    size_t message_count;
    const llmf_tool *tools;
    size_t tool_count;
    const char *tool_choice;       /* NULL or "auto", "none", "required", or a tool's name */
    int parallel_tool_calls;       /* LLMF_UNSET, LLMF_YES, LLMF_NO */
    const char *format;            /* NULL or "text", "json", or the text of a JSON Schema */
    double temperature;            /* 0: the config's or the provider's default; LLMF_ZERO: 0 */
    double top_p;                  /* likewise */
    int64_t max_tokens;            /* 0: the config's or the default */
    const char *const *stop;
    size_t stop_count;
    int64_t seed;
    bool use_seed;                 /* send `seed` */
    const char *reasoning;         /* NULL, "none", "minimal", "low", "medium", "high", or "4096 tokens" */
    bool cache;                    /* mark the prompt as worth caching, where a provider wants that said */
    const char *user;              /* an id of your end user; NULL: none */
    const char *extra;             /* JSON object: members laid into the provider's body as they are */
    bool stream;                   /* ask for a stream; events come either way */
    uint32_t flags;                /* LLMF_BORROW, … */
    llmf_timeouts timeouts;
    int (*on_event)(void *user, const struct llmf_event *ev); /* runs inside llmf_poll; returns LLMF_CONTINUE or LLMF_STOP (= cancel); NULL: llmf_next */
    void *on_event_user;
} llmf_request;

/* ---- calls --------------------------------------------------------------------------------------------------------- */

enum {
    LLMF_FINISH_NONE = 0, LLMF_FINISH_STOP = 1, LLMF_FINISH_LENGTH = 2, LLMF_FINISH_TOOL_CALLS = 3, LLMF_FINISH_CONTENT_FILTER = 4,
    LLMF_FINISH_REFUSAL = 5, LLMF_FINISH_OTHER = 6
};

typedef struct llmf_citation {
    llmf_str url, title;
} llmf_citation;

typedef struct llmf_attempt {
    llmf_str provider, model;
    int error;                     /* llmf_result */
    int64_t latency_ms;
} llmf_attempt;

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
    const llmf_attempt *attempts;
    size_t attempt_count;
    llmf_str raw;                  /* the body as it came (LLMF_KEEP_RAW) */
    llmf_error error;              /* code LLMF_OK if all went well */
} llmf_response;

enum {
    LLMF_EVENT_TEXT = 1, LLMF_EVENT_REASONING = 2, LLMF_EVENT_REFUSAL = 3,
    LLMF_EVENT_TOOL_START = 4, LLMF_EVENT_TOOL_DELTA = 5, LLMF_EVENT_TOOL_CALL = 6,
    LLMF_EVENT_USAGE = 7,
    LLMF_EVENT_DONE = 8, LLMF_EVENT_ERROR = 9   /* final: exactly one of them, exactly once */
};

/* Everything in it lives until the next llmf_next on that call. */
typedef struct llmf_event {
    int type;                      /* LLMF_EVENT_… */
    int index;                     /* which tool call, from 0 */
    llmf_call call;
    llmf_str text;                 /* TEXT, REASONING, REFUSAL; of TOOL_DELTA the piece of the arguments */
    const llmf_tool_call *tool;    /* TOOL_START (no arguments yet), TOOL_CALL (whole) */
    const llmf_usage *usage;       /* USAGE */
    const llmf_response *response; /* DONE, ERROR */
} llmf_event;

/* Starts a call and returns at once. {0} only where there is no room for one more call or f or req is NULL: then llmf_last_error tells.
   Any other failure, a missing key too, is the call's final event. Give every call back with llmf_free. */
LLMF_API llmf_call llmf_start_abi(llmf_factory *f, llmf_model m, const llmf_request *req, size_t req_size);
static inline llmf_call llmf_start(llmf_factory *f, llmf_model m, const llmf_request *req) {
    return llmf_start_abi(f, m, req, sizeof *req);
}
/* Does what can be done: connects, reads, decodes, keeps time. timeout_ms 0: returns at once; above: waits at most that long for
   something to happen; below 0: until something happens. Returns how many calls have not yet had their final event taken, or minus an llmf_result. */
LLMF_API int llmf_poll(llmf_factory *f, int timeout_ms);
/* The next event of a call, into *ev. False: none now (or the handle is stale, or the final event has been taken). */
LLMF_API bool llmf_next_abi(llmf_factory *f, llmf_call c, llmf_event *ev, size_t ev_size);
static inline bool llmf_next(llmf_factory *f, llmf_call c, llmf_event *ev) {
    return llmf_next_abi(f, c, ev, sizeof *ev);
}
/* The next event of any call that has no callback: ev->call tells which. */
LLMF_API bool llmf_next_any_abi(llmf_factory *f, llmf_event *ev, size_t ev_size);
static inline bool llmf_next_any(llmf_factory *f, llmf_event *ev) {
    return llmf_next_any_abi(f, ev, sizeof *ev);
}
/* Ends a call now: the connection is closed, the final event is CANCELLED with what had arrived. A call that has ended is left as it is. */
LLMF_API llmf_result llmf_cancel(llmf_factory *f, llmf_call c);
/* Gives a call and all its memory back, cancelling it first if need be (without an event). */
LLMF_API void llmf_free(llmf_factory *f, llmf_call c);
/* Where a call stands: LLMF_OK under way or done well, its error, or STALE. *done (NULL allowed): it has ended. */
LLMF_API llmf_result llmf_status(llmf_factory *f, llmf_call c, bool *done);
/* Start, wait, collect: blocks until the call ends, serving all others meanwhile. Returns the call's result; *r is filled either way.
   Give *r back with llmf_release. */
LLMF_API llmf_result llmf_generate_abi(llmf_factory *f, llmf_model m, const llmf_request *req, size_t req_size, llmf_response *r, size_t r_size);
static inline llmf_result llmf_generate(llmf_factory *f, llmf_model m, const llmf_request *req, llmf_response *r) {
    return llmf_generate_abi(f, m, req, sizeof *req, r, sizeof *r);
}
static inline void llmf_release(llmf_factory *f, llmf_response *r) {
    llmf_free(f, r->call);
    r->call.id = 0;
}
/* The last failure of a function that has no other way to tell. */
LLMF_API void llmf_last_error_abi(const llmf_factory *f, llmf_error *err, size_t err_size);
static inline void llmf_last_error(const llmf_factory *f, llmf_error *err) {
    llmf_last_error_abi(f, err, sizeof *err);
}
/* "rate_limit" for LLMF_ERR_RATE_LIMIT; any thread. */
LLMF_API const char *llmf_result_name(int result);
/* "tool_calls" for LLMF_FINISH_TOOL_CALLS, "" for NONE; any thread. */
LLMF_API const char *llmf_finish_name(int finish);
/* Version, transports, providers, options of this build, one a line; static; any thread. */
LLMF_API const char *llmf_build_info(void);

/* ---- other event loops ----------------------------------------------------------------------------------------------- */

enum { LLMF_FD_READ = 1, LLMF_FD_WRITE = 2 };
typedef struct llmf_fd {
    intptr_t fd;
    int events;                    /* LLMF_FD_READ, LLMF_FD_WRITE */
} llmf_fd;
/* The descriptors to wait for, at most cap of them into fds; returns how many there are. Call llmf_poll(f, 0) when one is ready. */
LLMF_API size_t llmf_fds(llmf_factory *f, llmf_fd *fds, size_t cap);
/* Milliseconds until llmf_poll must run again, 0: now, -1: only when a descriptor is ready. */
LLMF_API int64_t llmf_deadline_ms(llmf_factory *f);
/* Makes a waiting llmf_poll return. The one function that any thread may call while another uses the factory. */
LLMF_API void llmf_wakeup(llmf_factory *f);

/* ---- what would be sent -------------------------------------------------------------------------------------------- */

typedef struct llmf_header {
    llmf_str name, value;
} llmf_header;

/* The HTTP request of a call, keys redacted. Lives until llmf_free(call). */
typedef struct llmf_preview {
    llmf_call call;
    llmf_str method, url, body;
    const llmf_header *headers;
    size_t header_count;
    llmf_error error;
} llmf_preview;
/* Builds what llmf_start would send, and sends nothing. Free p->call with llmf_free. */
LLMF_API llmf_result llmf_preview_abi(llmf_factory *f, llmf_model m, const llmf_request *req, size_t req_size, llmf_preview *p, size_t p_size);
static inline llmf_result llmf_preview_request(llmf_factory *f, llmf_model m, const llmf_request *req, llmf_preview *p) {
    return llmf_preview_abi(f, m, req, sizeof *req, p, sizeof *p);
}

/* ---- config without a factory ---------------------------------------------------------------------------------------- */

/* Checks the configs of *desc and tells each problem: file:line:column are in err->text too. Returns the number of problems. */
LLMF_API size_t llmf_check_abi(const llmf_desc *desc, size_t desc_size, void (*report)(void *user, const llmf_error *err), void *user);
static inline size_t llmf_check(const llmf_desc *desc, void (*report)(void *user, const llmf_error *err), void *user) {
    return llmf_check_abi(desc, sizeof *desc, report, user);
}

/* ---- JSON as it comes: arguments of a tool call, structured answers ------------------------------------------------- */

/* Walks the members of an object or the items of an array, strictly read: *at is 0 at first. *key is the member's name as written between
   its quotes (empty in an array; NULL allowed), *value its JSON text: both views of `json`. False after the last one, or where `json`
   is no object or array or is broken there (llmf_json_valid tells which). Any thread. */
LLMF_API bool llmf_json_each(llmf_str json, size_t *at, llmf_str *key, llmf_str *value);
/* The member of that name of an object; false if there is none. Any thread. */
LLMF_API bool llmf_json_get(llmf_str json, const char *name, llmf_str *value);
/* The text of a JSON string value, decoded, into out (at most cap bytes, NUL included); returns its whole length without NUL, so a result
   of cap or more was cut; LLMF_NOT_A_STRING if the value is none. Any thread. */
LLMF_API size_t llmf_json_string(llmf_str value, char *out, size_t cap);
#define LLMF_NOT_A_STRING ((size_t)-1)
/* A JSON number; false if the value is none. Any thread. */
LLMF_API bool llmf_json_number(llmf_str value, double *out);
/* One whole JSON value and nothing else; *bad (NULL allowed) is the offset of the first wrong byte. Any thread. */
LLMF_API bool llmf_json_valid(llmf_str json, size_t *bad);

/* ---- transports of one's own ----------------------------------------------------------------------------------------- */

/* One HTTP exchange, made by the library, carried out by a transport. Valid from start to llmf_exchange_end or cancel. */
typedef struct llmf_exchange llmf_exchange;

typedef struct llmf_http_request {
    llmf_str method, url;          /* "POST", "https://host/path?query" */
    const llmf_header *headers;    /* Host and Content-Length not among them */
    size_t header_count;
    uint64_t body_len;
    int64_t connect_timeout_ms;
} llmf_http_request;

/* An HTTP client of one's own (an engine's, a browser's). It calls the llmf_exchange_… functions from start or poll, in the thread of llmf_poll. */
struct llmf_transport {
    void *user;
    /* Begins. Returns LLMF_OK, or an llmf_result: then the exchange has ended. *req lives until the end of the exchange. */
    int (*start)(void *user, llmf_exchange *x, const llmf_http_request *req);
    /* Stops: the exchange must not be touched after. */
    void (*cancel)(void *user, llmf_exchange *x);
    /* Called by each llmf_poll; waits at most timeout_ms for something to happen. NULL: nothing to pump. */
    void (*poll)(void *user, int timeout_ms);
};
/* Reads the body to send: at most cap bytes from where the last read ended; 0: no more. `rewind` first to send again. */
LLMF_API size_t llmf_exchange_read(llmf_exchange *x, char *out, size_t cap);
LLMF_API void llmf_exchange_rewind(llmf_exchange *x);
/* The reply, in this order: status once (after 1xx), headers, bytes, end. */
LLMF_API void llmf_exchange_status(llmf_exchange *x, int status);
LLMF_API void llmf_exchange_header(llmf_exchange *x, llmf_str name, llmf_str value);
/* Gives body bytes; returns how many were taken. Fewer than len: the call has enough for now, offer the rest at a later poll. */
LLMF_API size_t llmf_exchange_data(llmf_exchange *x, const char *bytes, size_t len);
/* The end: LLMF_OK when the reply is complete, else NETWORK, TLS, TIMEOUT, TRUNCATED… with a text that says what happened (NULL: none). */
LLMF_API void llmf_exchange_end(llmf_exchange *x, int result, const char *text);

/* A byte stream of one's own under our HTTP (a UART, a TLS library). All functions return at once. */
struct llmf_stream_ops {
    void *user;
    /* Opens a connection; NULL on failure. tls: the URL says https. */
    void *(*open)(void *user, const char *host, int port, bool tls);
    /* 1: connected, 0: not yet, below 0: minus an llmf_result. */
    int (*ready)(void *user, void *stream);
    /* Bytes moved; 0: none now; below 0: minus an llmf_result; read gives LLMF_STREAM_END where the peer has closed. */
    int (*read)(void *user, void *stream, char *out, size_t cap);
    int (*write)(void *user, void *stream, const char *bytes, size_t len);
    void (*close)(void *user, void *stream);
    /* The descriptor to wait for; -1: none, poll often. *events comes in with what is wanted (LLMF_FD_READ, LLMF_FD_WRITE): change it only
       where the stream needs something else. NULL: none. */
    intptr_t (*fd)(void *user, void *stream, int *events);
};
#define LLMF_STREAM_END (-1000)

/* ---- replay ------------------------------------------------------------------------------------------------------------ */

/* A recorded reply, played to every call of a factory whose transport is "replay" that starts after llmf_replay. Nothing is copied. */
typedef struct llmf_recording {
    int status;                    /* 0: 200 */
    const llmf_header *headers;
    size_t header_count;
    llmf_str body;
    size_t chunk;                  /* bytes at a time; 0: all at once */
    uint64_t seed;                 /* pieces of random size from 1 to chunk (0: 64) instead; 0: not random */
    /* Faults, each at a byte of the body counted from 1; 0: none. cut: the connection ends there as if all were well; reset: it breaks;
       stall: nothing comes any more. */
    uint64_t cut_at, reset_at, stall_at;
} llmf_recording;
LLMF_API llmf_result llmf_replay(llmf_factory *f, const llmf_recording *recording);

/* ---- providers of one's own -------------------------------------------------------------------------------------------- */

/* A host that speaks a known dialect. What NULL means is said at each field. */
typedef struct llmf_provider_desc {
    const char *name;
    const char *dialect;           /* "openai", "anthropic", "ollama", …, or the name of a registered dialect */
    const char *base_url;
    const char *key_env;           /* NULL: it needs no key */
    const char *default_model;     /* NULL: none */
    const char *config;            /* more keys of a `providers:` entry as YAML or JSON: "{quirks: {…}}"; NULL: none */
} llmf_provider_desc;
LLMF_API llmf_result llmf_register_abi(llmf_factory *f, const llmf_provider_desc *p, size_t p_size, llmf_error *err);
static inline llmf_result llmf_register(llmf_factory *f, const llmf_provider_desc *p, llmf_error *err) {
    return llmf_register_abi(f, p, sizeof *p, err);
}

typedef struct llmf_out llmf_out;
typedef struct llmf_reply llmf_reply;
enum { LLMF_FRAMING_JSON = 0, LLMF_FRAMING_SSE = 1, LLMF_FRAMING_NDJSON = 2 };

/* A wire dialect of one's own: pure functions, request -> bytes, bytes -> events. */
typedef struct llmf_dialect {
    const char *name;
    void *user;
    /* The path behind the base URL ("/chat"), by llmf_out_write. NULL: nothing is added. */
    void (*path)(void *user, const llmf_request *req, const llmf_model_info *model, llmf_out *out);
    /* The body, by llmf_out_write. May be called more than once for one request and must then write the same bytes. */
    void (*body)(void *user, const llmf_request *req, const llmf_model_info *model, llmf_out *out);
    /* How replies with status 200 are framed: LLMF_FRAMING_… */
    int framing, stream_framing;
    /* One frame: the whole body (JSON), an event (SSE) or a line (NDJSON). Tells what it holds by the llmf_reply_… functions. */
    void (*on_frame)(void *user, llmf_reply *reply, llmf_str event, llmf_str data);
} llmf_dialect;
LLMF_API llmf_result llmf_register_dialect_abi(llmf_factory *f, const llmf_dialect *d, size_t d_size, llmf_error *err);
static inline llmf_result llmf_register_dialect(llmf_factory *f, const llmf_dialect *d, llmf_error *err) {
    return llmf_register_dialect_abi(f, d, sizeof *d, err);
}
LLMF_API void llmf_out_write(llmf_out *out, const char *bytes, size_t len);
/* As a JSON string, quotes and escapes included. */
LLMF_API void llmf_out_json_string(llmf_out *out, llmf_str text);
LLMF_API void llmf_reply_text(llmf_reply *r, llmf_str text);
LLMF_API void llmf_reply_reasoning(llmf_reply *r, llmf_str text);
LLMF_API void llmf_reply_tool(llmf_reply *r, llmf_str id, llmf_str name, llmf_str arguments);
LLMF_API void llmf_reply_finish(llmf_reply *r, llmf_str word);
LLMF_API void llmf_reply_usage(llmf_reply *r, const llmf_usage *usage);
LLMF_API void llmf_reply_error(llmf_reply *r, int result, llmf_str provider_code, llmf_str message);
/* The reply is whole: an end of the bytes before this is TRUNCATED. */
LLMF_API void llmf_reply_done(llmf_reply *r);

#ifdef __cplusplus
}
#endif
#endif

#if defined(LLMFACTORY_IMPLEMENTATION) && !defined(LLMFACTORY_IMPLEMENTATION_DONE)
#define LLMFACTORY_IMPLEMENTATION_DONE
/* Every option, its default and what it is for. Set them before the include that has LLMFACTORY_IMPLEMENTATION, or with -D. An option is a value:
   1 or 0 (LLMF_NO_GROQ=1), or a number. Code tests only what is derived here: LLMF_HAS_X, always literally 0 or 1.

   Leaving out, in one of two ways
     LLMF_NO_<X>=1                     takes X out of a build that has everything
     LLMF_ONLY=1, LLMF_WITH_<X>=1      a build with nothing but each X named: a new part never creeps in
   Providers (each X takes out its row of models.def and its models; an adapter goes with the last provider of its dialect)
     of the dialect openai             OPENAI and every host of the openai dialect:
                                       MISTRAL GROQ DEEPSEEK XAI OPENROUTER TOGETHER FIREWORKS PERPLEXITY CEREBRAS NVIDIA ZAI MOONSHOT
                                       ALIBABA VERCEL VOYAGE WRITER CRUSOE AVIAN HEROKU SNOWFLAKE BEDROCK_MANTLE PORTKEY LITELLM VLLM
                                       LLAMACPP LMSTUDIO GPUSTACK
     of their own                      ANTHROPIC OLLAMA MOCK
     in a later version                OPENAI_RESPONSES GEMINI VERTEX AZURE BEDROCK COHERE HUGGINGFACE: known by name, never built in yet
   Transports
     CURL        on                    libcurl; without it nothing of curl is included or linked
     SOCKET      on                    our HTTP over plain sockets: http:// only
     EPOLL       on Linux              waits by epoll; else by poll()
     REPLAY      on                    plays recorded replies
     CUSTOM      on                    llmf_desc.custom_transport and custom_stream
   Features (a request that needs one which is left out ends in LLMF_ERR_NOT_BUILT)
     CONFIG      on                    config files and texts, and what llmf_create is given; without it a model is named provider:model, and only the
                                       tables, llmf_desc and the environment say what that is
     YAML        on                    reads YAML config; without it JSON only
     FILES       on                    reads config, .env, prompts and media from files; without it texts and memory only
     ENV         on                    reads environment variables (llmf_desc.getenv_fn works either way)
     MODELS      on                    the table of models: limits, prices, capabilities; without it every id is sent as typed
     REGISTER    on                    llmf_register and llmf_register_dialect
     MEDIA       on                    images, audio and files in messages
     SCHEMA      on                    a JSON Schema as llmf_request.format, and `strict` of a tool; without it a tool's parameters are sent as they stand
     EXTRA       on                    llmf_request.extra
     STATE       on                    llmf_response.state, and message.state: what a provider wants back in the next turn; without it none is kept
     CITATIONS   on                    sources that a reply cites; without it llmf_response.citations stays empty
     INFO        on                    "did you mean", and the names of providers in messages and in llmf_provider_at that are not built in
     STRINGS     on                    the sentences of errors and log lines; without them llmf_error.text has the result's name and what it is about,
                                       such as a field, a provider, a host, and what the provider said

   Limits against hostile input, and sizes (all may be set; bytes where nothing else is said)
     LLMF_MAX_DEPTH         128        levels of nesting in JSON and YAML
     LLMF_MAX_FILE          1 MiB      one config or .env file
     LLMF_MAX_FILES         1024       files of one config directory
     LLMF_MAX_HANDLES       65536      different names that one factory may be asked for
     LLMF_MAX_LINE          8 MiB      one line of a stream
     LLMF_MAX_EVENT         16 MiB     one event of a stream
     LLMF_MAX_HEAD          64 KiB     all heads of one HTTP reply
     LLMF_MAX_HEADERS       256        header lines of the same
     LLMF_MAX_REQUEST_HEADERS 48       headers of one request, the config's included
     LLMF_MAX_MEDIA         64 MiB     a file that a part of a message names
     LLMF_MAX_QUEUED        64         events that wait for llmf_next before a call stops reading
     LLMF_MAX_ERROR_BODY    1 MiB      kept of an error reply's body
     LLMF_MAX_TOOL_CALLS    128        tool calls in one reply
     LLMF_MAX_CITATIONS     1024       sources cited in one reply; what comes beyond is not kept
     LLMF_MAX_REGISTERED    32         providers, and dialects, that a program registers
     LLMF_TAIL_MS           2000       milliseconds that a reply may go on for behind its terminal event
     LLMF_REPLY_KEEP        4096       an emptied text buffer above this goes back to the heap
     LLMF_HEAP_UNIT         64         smallest piece of the heap: a power of two
     LLMF_ARENA_PIECE       1024       first piece of an arena
     LLMF_WIRE_KEEP         4096       a decoder's empty buffer above this goes back to the heap
   Tables
     LLMF_MODELS_DEF        (none)     "my.def": your own table instead of models.def, which shows the form
   Elsewhere: LLMF_API, LLMF_STATIC (api.h). */
#ifndef LLMFI_OPTIONS_H
#define LLMFI_OPTIONS_H

#ifndef LLMF_ONLY
#define LLMF_ONLY 0
#endif

/* ---- dialects of this version: 1 where the adapter is there, 0 where it comes later ---- */

#define LLMFI_ADAPTER_OPENAI 1
#define LLMFI_ADAPTER_ANTHROPIC 1
#define LLMFI_ADAPTER_OLLAMA 1
#define LLMFI_ADAPTER_MOCK 1
#define LLMFI_ADAPTER_OPENAI_RESPONSES 0
#define LLMFI_ADAPTER_GEMINI 0
#define LLMFI_ADAPTER_AZURE 0
#define LLMFI_ADAPTER_BEDROCK 0
#define LLMFI_ADAPTER_COHERE 0
#define LLMFI_ADAPTER_HUGGINGFACE 0

/* ---- providers: models.def has a row for each ---- */

#if (LLMF_ONLY && !(defined(LLMF_WITH_OPENAI) && LLMF_WITH_OPENAI)) || (defined(LLMF_NO_OPENAI) && LLMF_NO_OPENAI)
#define LLMF_HAS_OPENAI 0
#else
#define LLMF_HAS_OPENAI 1
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_MISTRAL) && LLMF_WITH_MISTRAL)) || (defined(LLMF_NO_MISTRAL) && LLMF_NO_MISTRAL)
#define LLMF_HAS_MISTRAL 0
#else
#define LLMF_HAS_MISTRAL 1
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_GROQ) && LLMF_WITH_GROQ)) || (defined(LLMF_NO_GROQ) && LLMF_NO_GROQ)
#define LLMF_HAS_GROQ 0
#else
#define LLMF_HAS_GROQ 1
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_DEEPSEEK) && LLMF_WITH_DEEPSEEK)) || (defined(LLMF_NO_DEEPSEEK) && LLMF_NO_DEEPSEEK)
#define LLMF_HAS_DEEPSEEK 0
#else
#define LLMF_HAS_DEEPSEEK 1
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_XAI) && LLMF_WITH_XAI)) || (defined(LLMF_NO_XAI) && LLMF_NO_XAI)
#define LLMF_HAS_XAI 0
#else
#define LLMF_HAS_XAI 1
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_OPENROUTER) && LLMF_WITH_OPENROUTER)) || (defined(LLMF_NO_OPENROUTER) && LLMF_NO_OPENROUTER)
#define LLMF_HAS_OPENROUTER 0
#else
#define LLMF_HAS_OPENROUTER 1
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_TOGETHER) && LLMF_WITH_TOGETHER)) || (defined(LLMF_NO_TOGETHER) && LLMF_NO_TOGETHER)
#define LLMF_HAS_TOGETHER 0
#else
#define LLMF_HAS_TOGETHER 1
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_FIREWORKS) && LLMF_WITH_FIREWORKS)) || (defined(LLMF_NO_FIREWORKS) && LLMF_NO_FIREWORKS)
#define LLMF_HAS_FIREWORKS 0
#else
#define LLMF_HAS_FIREWORKS 1
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_PERPLEXITY) && LLMF_WITH_PERPLEXITY)) || (defined(LLMF_NO_PERPLEXITY) && LLMF_NO_PERPLEXITY)
#define LLMF_HAS_PERPLEXITY 0
#else
#define LLMF_HAS_PERPLEXITY 1
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_CEREBRAS) && LLMF_WITH_CEREBRAS)) || (defined(LLMF_NO_CEREBRAS) && LLMF_NO_CEREBRAS)
#define LLMF_HAS_CEREBRAS 0
#else
#define LLMF_HAS_CEREBRAS 1
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_NVIDIA) && LLMF_WITH_NVIDIA)) || (defined(LLMF_NO_NVIDIA) && LLMF_NO_NVIDIA)
#define LLMF_HAS_NVIDIA 0
#else
#define LLMF_HAS_NVIDIA 1
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_ZAI) && LLMF_WITH_ZAI)) || (defined(LLMF_NO_ZAI) && LLMF_NO_ZAI)
#define LLMF_HAS_ZAI 0
#else
#define LLMF_HAS_ZAI 1
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_MOONSHOT) && LLMF_WITH_MOONSHOT)) || (defined(LLMF_NO_MOONSHOT) && LLMF_NO_MOONSHOT)
#define LLMF_HAS_MOONSHOT 0
#else
#define LLMF_HAS_MOONSHOT 1
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_ALIBABA) && LLMF_WITH_ALIBABA)) || (defined(LLMF_NO_ALIBABA) && LLMF_NO_ALIBABA)
#define LLMF_HAS_ALIBABA 0
#else
#define LLMF_HAS_ALIBABA 1
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_VERCEL) && LLMF_WITH_VERCEL)) || (defined(LLMF_NO_VERCEL) && LLMF_NO_VERCEL)
#define LLMF_HAS_VERCEL 0
#else
#define LLMF_HAS_VERCEL 1
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_VOYAGE) && LLMF_WITH_VOYAGE)) || (defined(LLMF_NO_VOYAGE) && LLMF_NO_VOYAGE)
#define LLMF_HAS_VOYAGE 0
#else
#define LLMF_HAS_VOYAGE 1
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_WRITER) && LLMF_WITH_WRITER)) || (defined(LLMF_NO_WRITER) && LLMF_NO_WRITER)
#define LLMF_HAS_WRITER 0
#else
#define LLMF_HAS_WRITER 1
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_CRUSOE) && LLMF_WITH_CRUSOE)) || (defined(LLMF_NO_CRUSOE) && LLMF_NO_CRUSOE)
#define LLMF_HAS_CRUSOE 0
#else
#define LLMF_HAS_CRUSOE 1
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_AVIAN) && LLMF_WITH_AVIAN)) || (defined(LLMF_NO_AVIAN) && LLMF_NO_AVIAN)
#define LLMF_HAS_AVIAN 0
#else
#define LLMF_HAS_AVIAN 1
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_HEROKU) && LLMF_WITH_HEROKU)) || (defined(LLMF_NO_HEROKU) && LLMF_NO_HEROKU)
#define LLMF_HAS_HEROKU 0
#else
#define LLMF_HAS_HEROKU 1
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_SNOWFLAKE) && LLMF_WITH_SNOWFLAKE)) || (defined(LLMF_NO_SNOWFLAKE) && LLMF_NO_SNOWFLAKE)
#define LLMF_HAS_SNOWFLAKE 0
#else
#define LLMF_HAS_SNOWFLAKE 1
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_BEDROCK_MANTLE) && LLMF_WITH_BEDROCK_MANTLE)) || (defined(LLMF_NO_BEDROCK_MANTLE) && LLMF_NO_BEDROCK_MANTLE)
#define LLMF_HAS_BEDROCK_MANTLE 0
#else
#define LLMF_HAS_BEDROCK_MANTLE 1
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_PORTKEY) && LLMF_WITH_PORTKEY)) || (defined(LLMF_NO_PORTKEY) && LLMF_NO_PORTKEY)
#define LLMF_HAS_PORTKEY 0
#else
#define LLMF_HAS_PORTKEY 1
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_LITELLM) && LLMF_WITH_LITELLM)) || (defined(LLMF_NO_LITELLM) && LLMF_NO_LITELLM)
#define LLMF_HAS_LITELLM 0
#else
#define LLMF_HAS_LITELLM 1
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_VLLM) && LLMF_WITH_VLLM)) || (defined(LLMF_NO_VLLM) && LLMF_NO_VLLM)
#define LLMF_HAS_VLLM 0
#else
#define LLMF_HAS_VLLM 1
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_LLAMACPP) && LLMF_WITH_LLAMACPP)) || (defined(LLMF_NO_LLAMACPP) && LLMF_NO_LLAMACPP)
#define LLMF_HAS_LLAMACPP 0
#else
#define LLMF_HAS_LLAMACPP 1
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_LMSTUDIO) && LLMF_WITH_LMSTUDIO)) || (defined(LLMF_NO_LMSTUDIO) && LLMF_NO_LMSTUDIO)
#define LLMF_HAS_LMSTUDIO 0
#else
#define LLMF_HAS_LMSTUDIO 1
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_GPUSTACK) && LLMF_WITH_GPUSTACK)) || (defined(LLMF_NO_GPUSTACK) && LLMF_NO_GPUSTACK)
#define LLMF_HAS_GPUSTACK 0
#else
#define LLMF_HAS_GPUSTACK 1
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_ANTHROPIC) && LLMF_WITH_ANTHROPIC)) || (defined(LLMF_NO_ANTHROPIC) && LLMF_NO_ANTHROPIC)
#define LLMF_HAS_ANTHROPIC 0
#else
#define LLMF_HAS_ANTHROPIC 1
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_OLLAMA) && LLMF_WITH_OLLAMA)) || (defined(LLMF_NO_OLLAMA) && LLMF_NO_OLLAMA)
#define LLMF_HAS_OLLAMA 0
#else
#define LLMF_HAS_OLLAMA 1
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_MOCK) && LLMF_WITH_MOCK)) || (defined(LLMF_NO_MOCK) && LLMF_NO_MOCK)
#define LLMF_HAS_MOCK 0
#else
#define LLMF_HAS_MOCK 1
#endif
#if !LLMFI_ADAPTER_OPENAI_RESPONSES || (LLMF_ONLY && !(defined(LLMF_WITH_OPENAI_RESPONSES) && LLMF_WITH_OPENAI_RESPONSES)) || (defined(LLMF_NO_OPENAI_RESPONSES) && LLMF_NO_OPENAI_RESPONSES)
#define LLMF_HAS_OPENAI_RESPONSES 0
#else
#define LLMF_HAS_OPENAI_RESPONSES 1
#endif
#if !LLMFI_ADAPTER_GEMINI || (LLMF_ONLY && !(defined(LLMF_WITH_GEMINI) && LLMF_WITH_GEMINI)) || (defined(LLMF_NO_GEMINI) && LLMF_NO_GEMINI)
#define LLMF_HAS_GEMINI 0
#else
#define LLMF_HAS_GEMINI 1
#endif
#if !LLMFI_ADAPTER_GEMINI || (LLMF_ONLY && !(defined(LLMF_WITH_VERTEX) && LLMF_WITH_VERTEX)) || (defined(LLMF_NO_VERTEX) && LLMF_NO_VERTEX)
#define LLMF_HAS_VERTEX 0
#else
#define LLMF_HAS_VERTEX 1
#endif
#if !LLMFI_ADAPTER_AZURE || (LLMF_ONLY && !(defined(LLMF_WITH_AZURE) && LLMF_WITH_AZURE)) || (defined(LLMF_NO_AZURE) && LLMF_NO_AZURE)
#define LLMF_HAS_AZURE 0
#else
#define LLMF_HAS_AZURE 1
#endif
#if !LLMFI_ADAPTER_BEDROCK || (LLMF_ONLY && !(defined(LLMF_WITH_BEDROCK) && LLMF_WITH_BEDROCK)) || (defined(LLMF_NO_BEDROCK) && LLMF_NO_BEDROCK)
#define LLMF_HAS_BEDROCK 0
#else
#define LLMF_HAS_BEDROCK 1
#endif
#if !LLMFI_ADAPTER_COHERE || (LLMF_ONLY && !(defined(LLMF_WITH_COHERE) && LLMF_WITH_COHERE)) || (defined(LLMF_NO_COHERE) && LLMF_NO_COHERE)
#define LLMF_HAS_COHERE 0
#else
#define LLMF_HAS_COHERE 1
#endif
#if !LLMFI_ADAPTER_HUGGINGFACE || (LLMF_ONLY && !(defined(LLMF_WITH_HUGGINGFACE) && LLMF_WITH_HUGGINGFACE)) || (defined(LLMF_NO_HUGGINGFACE) && LLMF_NO_HUGGINGFACE)
#define LLMF_HAS_HUGGINGFACE 0
#else
#define LLMF_HAS_HUGGINGFACE 1
#endif

/* ---- dialects: in when a provider of theirs is ---- */

#if LLMF_HAS_OPENAI || LLMF_HAS_MISTRAL || LLMF_HAS_GROQ || LLMF_HAS_DEEPSEEK || LLMF_HAS_XAI || LLMF_HAS_OPENROUTER || LLMF_HAS_TOGETHER || \
    LLMF_HAS_FIREWORKS || LLMF_HAS_PERPLEXITY || LLMF_HAS_CEREBRAS || LLMF_HAS_NVIDIA || LLMF_HAS_ZAI || LLMF_HAS_MOONSHOT || LLMF_HAS_ALIBABA || \
    LLMF_HAS_VERCEL || LLMF_HAS_VOYAGE || LLMF_HAS_WRITER || LLMF_HAS_CRUSOE || LLMF_HAS_AVIAN || LLMF_HAS_HEROKU || LLMF_HAS_SNOWFLAKE || \
    LLMF_HAS_BEDROCK_MANTLE || LLMF_HAS_PORTKEY || LLMF_HAS_LITELLM || LLMF_HAS_VLLM || LLMF_HAS_LLAMACPP || LLMF_HAS_LMSTUDIO || LLMF_HAS_GPUSTACK
#define LLMF_HAS_DIALECT_OPENAI 1
#else
#define LLMF_HAS_DIALECT_OPENAI 0
#endif
#define LLMF_HAS_DIALECT_ANTHROPIC LLMF_HAS_ANTHROPIC
#define LLMF_HAS_DIALECT_OLLAMA LLMF_HAS_OLLAMA
#define LLMF_HAS_DIALECT_MOCK LLMF_HAS_MOCK
#define LLMF_HAS_DIALECT_OPENAI_RESPONSES LLMF_HAS_OPENAI_RESPONSES
#define LLMF_HAS_DIALECT_AZURE LLMF_HAS_AZURE
#define LLMF_HAS_DIALECT_BEDROCK LLMF_HAS_BEDROCK
#define LLMF_HAS_DIALECT_COHERE LLMF_HAS_COHERE
#define LLMF_HAS_DIALECT_HUGGINGFACE LLMF_HAS_HUGGINGFACE
#if LLMF_HAS_GEMINI || LLMF_HAS_VERTEX
#define LLMF_HAS_DIALECT_GEMINI 1
#else
#define LLMF_HAS_DIALECT_GEMINI 0
#endif

#if !(LLMF_HAS_DIALECT_OPENAI || LLMF_HAS_DIALECT_ANTHROPIC || LLMF_HAS_DIALECT_OLLAMA || LLMF_HAS_DIALECT_MOCK || \
      LLMF_HAS_DIALECT_OPENAI_RESPONSES || LLMF_HAS_DIALECT_GEMINI || LLMF_HAS_DIALECT_AZURE || LLMF_HAS_DIALECT_BEDROCK || \
      LLMF_HAS_DIALECT_COHERE || LLMF_HAS_DIALECT_HUGGINGFACE)
#error "llmfactory: no provider is left. With LLMF_ONLY name at least one: LLMF_WITH_OPENAI, LLMF_WITH_ANTHROPIC, LLMF_WITH_OLLAMA, LLMF_WITH_MOCK, or a host of the list above"
#endif

/* ---- transports ---- */

#if (LLMF_ONLY && !(defined(LLMF_WITH_CURL) && LLMF_WITH_CURL)) || (defined(LLMF_NO_CURL) && LLMF_NO_CURL)
#define LLMF_HAS_CURL 0
#else
#define LLMF_HAS_CURL 1
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_SOCKET) && LLMF_WITH_SOCKET)) || (defined(LLMF_NO_SOCKET) && LLMF_NO_SOCKET)
#define LLMF_HAS_SOCKET 0
#else
#define LLMF_HAS_SOCKET 1
#endif
#if !defined(__linux__) || (LLMF_ONLY && !(defined(LLMF_WITH_EPOLL) && LLMF_WITH_EPOLL)) || (defined(LLMF_NO_EPOLL) && LLMF_NO_EPOLL)
#define LLMF_HAS_EPOLL 0
#else
#define LLMF_HAS_EPOLL 1
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_REPLAY) && LLMF_WITH_REPLAY)) || (defined(LLMF_NO_REPLAY) && LLMF_NO_REPLAY)
#define LLMF_HAS_REPLAY 0
#else
#define LLMF_HAS_REPLAY 1
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_CUSTOM) && LLMF_WITH_CUSTOM)) || (defined(LLMF_NO_CUSTOM) && LLMF_NO_CUSTOM)
#define LLMF_HAS_CUSTOM 0
#else
#define LLMF_HAS_CUSTOM 1
#endif

/* ---- features ---- */

#if (LLMF_ONLY && !(defined(LLMF_WITH_CONFIG) && LLMF_WITH_CONFIG)) || (defined(LLMF_NO_CONFIG) && LLMF_NO_CONFIG)
#define LLMF_HAS_CONFIG 0
#else
#define LLMF_HAS_CONFIG 1
#endif
#if !LLMF_HAS_CONFIG || (LLMF_ONLY && !(defined(LLMF_WITH_YAML) && LLMF_WITH_YAML)) || (defined(LLMF_NO_YAML) && LLMF_NO_YAML)
#define LLMF_HAS_YAML 0
#else
#define LLMF_HAS_YAML 1
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_FILES) && LLMF_WITH_FILES)) || (defined(LLMF_NO_FILES) && LLMF_NO_FILES)
#define LLMF_HAS_FILES 0
#else
#define LLMF_HAS_FILES 1
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_ENV) && LLMF_WITH_ENV)) || (defined(LLMF_NO_ENV) && LLMF_NO_ENV)
#define LLMF_HAS_ENV 0
#else
#define LLMF_HAS_ENV 1
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_MODELS) && LLMF_WITH_MODELS)) || (defined(LLMF_NO_MODELS) && LLMF_NO_MODELS)
#define LLMF_HAS_MODELS 0
#else
#define LLMF_HAS_MODELS 1
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_REGISTER) && LLMF_WITH_REGISTER)) || (defined(LLMF_NO_REGISTER) && LLMF_NO_REGISTER)
#define LLMF_HAS_REGISTER 0
#else
#define LLMF_HAS_REGISTER 1
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_MEDIA) && LLMF_WITH_MEDIA)) || (defined(LLMF_NO_MEDIA) && LLMF_NO_MEDIA)
#define LLMF_HAS_MEDIA 0
#else
#define LLMF_HAS_MEDIA 1
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_SCHEMA) && LLMF_WITH_SCHEMA)) || (defined(LLMF_NO_SCHEMA) && LLMF_NO_SCHEMA)
#define LLMF_HAS_SCHEMA 0
#else
#define LLMF_HAS_SCHEMA 1
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_EXTRA) && LLMF_WITH_EXTRA)) || (defined(LLMF_NO_EXTRA) && LLMF_NO_EXTRA)
#define LLMF_HAS_EXTRA 0
#else
#define LLMF_HAS_EXTRA 1
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_STATE) && LLMF_WITH_STATE)) || (defined(LLMF_NO_STATE) && LLMF_NO_STATE)
#define LLMF_HAS_STATE 0
#else
#define LLMF_HAS_STATE 1
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_CITATIONS) && LLMF_WITH_CITATIONS)) || (defined(LLMF_NO_CITATIONS) && LLMF_NO_CITATIONS)
#define LLMF_HAS_CITATIONS 0
#else
#define LLMF_HAS_CITATIONS 1
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_INFO) && LLMF_WITH_INFO)) || (defined(LLMF_NO_INFO) && LLMF_NO_INFO)
#define LLMF_HAS_INFO 0
#else
#define LLMF_HAS_INFO 1
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_STRINGS) && LLMF_WITH_STRINGS)) || (defined(LLMF_NO_STRINGS) && LLMF_NO_STRINGS)
#define LLMF_HAS_STRINGS 0
#else
#define LLMF_HAS_STRINGS 1
#endif

/* ---- limits ---- */

#ifndef LLMF_MAX_DEPTH
#define LLMF_MAX_DEPTH 128
#endif
#ifndef LLMF_MAX_FILE
#define LLMF_MAX_FILE (1u << 20)
#endif
#ifndef LLMF_MAX_FILES
#define LLMF_MAX_FILES 1024
#endif
#ifndef LLMF_MAX_HANDLES
#define LLMF_MAX_HANDLES 65536
#endif
#ifndef LLMF_MAX_LINE
#define LLMF_MAX_LINE (8u << 20)
#endif
#ifndef LLMF_MAX_EVENT
#define LLMF_MAX_EVENT (16u << 20)
#endif
#ifndef LLMF_MAX_HEAD
#define LLMF_MAX_HEAD 65536u
#endif
#ifndef LLMF_MAX_HEADERS
#define LLMF_MAX_HEADERS 256u
#endif
#ifndef LLMF_MAX_REQUEST_HEADERS
#define LLMF_MAX_REQUEST_HEADERS 48
#endif
#ifndef LLMF_MAX_MEDIA
#define LLMF_MAX_MEDIA 67108864
#endif
#ifndef LLMF_MAX_QUEUED
#define LLMF_MAX_QUEUED 64
#endif
#ifndef LLMF_MAX_ERROR_BODY
#define LLMF_MAX_ERROR_BODY 1048576
#endif
#ifndef LLMF_MAX_TOOL_CALLS
#define LLMF_MAX_TOOL_CALLS 128
#endif
#ifndef LLMF_MAX_CITATIONS
#define LLMF_MAX_CITATIONS 1024
#endif
#ifndef LLMF_MAX_REGISTERED
#define LLMF_MAX_REGISTERED 32
#endif
#ifndef LLMF_TAIL_MS
#define LLMF_TAIL_MS 2000
#endif
#ifndef LLMF_REPLY_KEEP
#define LLMF_REPLY_KEEP 4096
#endif
#ifndef LLMF_HEAP_UNIT
#define LLMF_HEAP_UNIT 64
#endif
#ifndef LLMF_ARENA_PIECE
#define LLMF_ARENA_PIECE 1024
#endif
#ifndef LLMF_WIRE_KEEP
#define LLMF_WIRE_KEEP 4096u
#endif

#endif
/* What would be sent: the same request, built by the same code, written into memory instead of a connection; keys blotted out. */
#ifndef LLMFI_ENGINE_PREVIEW_H
#define LLMFI_ENGINE_PREVIEW_H
/* Names, handles and what is known of them: the public side of the factory floor. */
#ifndef LLMFI_ENGINE_MODELS_H
#define LLMFI_ENGINE_MODELS_H
/* Words for numbers, and what this build holds. */
#ifndef LLMFI_ENGINE_NAMES_H
#define LLMFI_ENGINE_NAMES_H
/* What a factory and a call are made of, and the little things that all of the engine uses. */
#ifndef LLMFI_ENGINE_CORE_H
#define LLMFI_ENGINE_CORE_H
/* A request's body as a thing to read: in windows of any size, again from the start, or all at once into a counter or a hash. Never held whole: each window
   is written anew from the step it begins in. And what bodies of several dialects have in common. */
#ifndef LLMFI_PROVIDERS_BODY_H
#define LLMFI_PROVIDERS_BODY_H
/* JSON as a tree of llmfi_node: config files, schemas, tool arguments. Stricter than the reader: bad UTF-8 and lone surrogates are
   refused with their place. */
#ifndef LLMFI_BASE_JSON_TREE_H
#define LLMFI_BASE_JSON_TREE_H
/* The JSON writer: cannot produce bad JSON. A plain copyable struct over llmfi_out; whoever uses it wrongly gets `bad`, and from
   then on nothing is written, so looking once, at the end, is enough (llmfi_jw_done). */
#ifndef LLMFI_BASE_JSON_WRITE_H
#define LLMFI_BASE_JSON_WRITE_H
/* The JSON reader: pulls one token at a time out of bytes, builds nothing, owns nothing, views into the input. Strict RFC 8259,
   but that bad UTF-8 inside strings is let through and becomes U+FFFD when decoded (llmfi_json_strict refuses it). The input may
   end anywhere: the reader says MORE, and goes on where it was when there is more.

       llmfi_json_init(&j, text, true);
       if (llmfi_json_next(&j) != LLMFI_J_OBJECT) ...
       while (llmfi_json_next(&j) == LLMFI_J_KEY)
           if (LLMFI_KEY(&j, "id")) llmfi_json_next(&j), ...j.text...
           else llmfi_json_skip(&j);
*/
#ifndef LLMFI_BASE_JSON_H
#define LLMFI_BASE_JSON_H
/* UTF-8: strict checking, and the lossy reading that replies get: each maximal bad piece (Unicode 15, chapter 3, "maximal
   subpart of an ill-formed subsequence") becomes one U+FFFD. Works on pieces cut anywhere. */
#ifndef LLMFI_BASE_UTF8_H
#define LLMFI_BASE_UTF8_H
/* The one sink that request bodies, JSON and everything generated is written to. A body is never held whole: it is emitted
   again and again, each time into a window of it. One pass counts, one hashes, the others send. */
#ifndef LLMFI_BASE_OUT_H
#define LLMFI_BASE_OUT_H
/* Base64 (RFC 4648): strict decoding of both alphabets, encoding of whole blocks. What streams an encoding out is
   llmfi_put_base64 in out.h. */
#ifndef LLMFI_BASE_BASE64_H
#define LLMFI_BASE_BASE64_H
/* Text as views: pointer and length, never assumed to end with NUL. Locale-free ASCII only. */
#ifndef LLMFI_BASE_STR_H
#define LLMFI_BASE_STR_H
#include <string.h>

/* A function that some choice of options leaves without a caller. */
#if defined(__GNUC__)
#define LLMFI_UNUSED __attribute__((unused))
#else
#define LLMFI_UNUSED
#endif

/* Not part of the usual path: kept out of line, once. */
#if defined(__GNUC__)
#define LLMFI_COLD __attribute__((noinline))
#else
#define LLMFI_COLD
#endif

/* Words for people. Without STRINGS not even the literal stays. */
#if LLMF_HAS_STRINGS
#define LLMFI_WORDS(text) text
#else
#define LLMFI_WORDS(text) ""
#endif

#define LLMFI_LIT(s) llmfi_str("" s, sizeof(s) - 1)
#define LLMFI_COUNT(a) (sizeof(a) / sizeof((a)[0]))

LLMFI_UNUSED static llmf_str llmfi_str(const char *ptr, size_t len) {
    llmf_str s;
    s.ptr = ptr;
    s.len = len;
    return s;
}

/* NULL gives the empty text. */
LLMFI_UNUSED static llmf_str llmfi_cstr(const char *text) {
    return llmfi_str(text ? text : "", text ? strlen(text) : 0);
}

LLMFI_UNUSED static llmf_str llmfi_range(const char *from, const char *to) {
    return llmfi_str(from, (size_t)(to - from));
}

LLMFI_UNUSED static bool llmfi_eq(llmf_str a, llmf_str b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* Against a literal: the length is a constant, so the compiler makes one comparison of it. */
#define LLMFI_IS(s, lit) ((s).len == sizeof(lit) - 1 && memcmp((s).ptr, "" lit, sizeof(lit) - 1) == 0)

LLMFI_UNUSED static char llmfi_lower(char c) {
    return (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

LLMFI_UNUSED static bool llmfi_is_digit(char c) {
    return c >= '0' && c <= '9';
}

LLMFI_UNUSED static bool llmfi_is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* ASCII letters without case: header names, enum words. */
LLMFI_UNUSED static bool llmfi_eq_nocase(llmf_str a, llmf_str b) {
    size_t i;
    if (a.len != b.len) return false;
    for (i = 0; i < a.len; i++)
        if (llmfi_lower(a.ptr[i]) != llmfi_lower(b.ptr[i])) return false;
    return true;
}

LLMFI_UNUSED static bool llmfi_starts(llmf_str s, llmf_str prefix) {
    return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.ptr, prefix.ptr, prefix.len) == 0);
}

LLMFI_UNUSED static bool llmfi_ends(llmf_str s, llmf_str suffix) {
    return s.len >= suffix.len && (suffix.len == 0 || memcmp(s.ptr + s.len - suffix.len, suffix.ptr, suffix.len) == 0);
}

/* The text from byte `at` on; empty when `at` is at or past the end. */
LLMFI_UNUSED static llmf_str llmfi_from(llmf_str s, size_t at) {
    if (at > s.len) at = s.len;
    return llmfi_str(s.ptr + at, s.len - at);
}

#define LLMFI_NOWHERE ((size_t)-1)

/* Offset of the first `c`, or LLMFI_NOWHERE. */
LLMFI_UNUSED static size_t llmfi_find_char(llmf_str s, char c) {
    const char *at = s.len ? (const char *)memchr(s.ptr, c, s.len) : NULL;
    return at ? (size_t)(at - s.ptr) : LLMFI_NOWHERE;
}

/* Offset of the first `needle`, ASCII letters without case, or LLMFI_NOWHERE. */
LLMFI_UNUSED static size_t llmfi_find_nocase(llmf_str s, llmf_str needle) {
    size_t i;
    for (i = 0; i + needle.len <= s.len; i++)
        if (llmfi_eq_nocase(llmfi_str(s.ptr + i, needle.len), needle)) return i;
    return LLMFI_NOWHERE;
}

LLMFI_UNUSED static llmf_str llmfi_trim(llmf_str s) {
    while (s.len && llmfi_is_space(s.ptr[0])) s = llmfi_from(s, 1);
    while (s.len && llmfi_is_space(s.ptr[s.len - 1])) s.len--;
    return s;
}

#endif

/* Characters that `len` bytes become, padding included; 0 also when the answer does not fit a size_t. */
LLMFI_UNUSED static size_t llmfi_base64_size(size_t len) {
    size_t groups = len / 3 + (len % 3 != 0);
    return groups > (size_t)-1 / 4 ? 0 : groups * 4;
}

/* Encodes `len` bytes with padding (standard alphabet); `to` has room for llmfi_base64_size(len). */
LLMFI_UNUSED static size_t llmfi_base64_encode(char *to, const void *data, size_t len) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *p = (const unsigned char *)data;
    char *begin = to;
    for (; len >= 3; len -= 3, p += 3, to += 4) {
        to[0] = digits[p[0] >> 2];
        to[1] = digits[(p[0] & 3) << 4 | p[1] >> 4];
        to[2] = digits[(p[1] & 15) << 2 | p[2] >> 6];
        to[3] = digits[p[2] & 63];
    }
    if (len) {
        unsigned second = len == 2 ? p[1] : 0;
        to[0] = digits[p[0] >> 2];
        to[1] = digits[(p[0] & 3u) << 4 | second >> 4];
        to[2] = len == 2 ? digits[(second & 15) << 2] : '=';
        to[3] = '=';
        to += 4;
    }
    return (size_t)(to - begin);
}

/* What a character stands for, or 255. '-' and '_' are the URL alphabet's 62 and 63. */
static const unsigned char llmfi_base64_value[256] = {
#define LLMFI_X8 255, 255, 255, 255, 255, 255, 255, 255
    LLMFI_X8, LLMFI_X8, LLMFI_X8, LLMFI_X8, LLMFI_X8,
    255, 255, 255, 62, 255, 62, 255, 63, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 255, 255, 255, 255, 255, 255,
    255, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 255, 255, 255, 255, 63,
    255, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 255, 255, 255, 255, 255,
    LLMFI_X8, LLMFI_X8, LLMFI_X8, LLMFI_X8, LLMFI_X8, LLMFI_X8, LLMFI_X8, LLMFI_X8,
    LLMFI_X8, LLMFI_X8, LLMFI_X8, LLMFI_X8, LLMFI_X8, LLMFI_X8, LLMFI_X8, LLMFI_X8
#undef LLMFI_X8
};

/* The last two or three characters, without padding. Bits that stand for no byte must be zero. */
static bool llmfi_base64_tail(const unsigned char *p, size_t n, unsigned char *to) {
    const unsigned char *t = llmfi_base64_value;
    unsigned a = t[p[0]], b = t[p[1]], c = n == 3 ? t[p[2]] : 0;
    if ((a | b | c) & 0xc0) return false;
    to[0] = (unsigned char)(a << 2 | b >> 4);
    if (n == 2) return (b & 15) == 0;
    to[1] = (unsigned char)((b & 15) << 4 | c >> 2);
    return (c & 3) == 0;
}

/* Bytes that `in` decodes to if it is well formed. */
LLMFI_UNUSED static size_t llmfi_base64_decoded_size(llmf_str in) {
    size_t pad = 0;
    while (pad < 2 && pad < in.len && in.ptr[in.len - 1 - pad] == '=') pad++;
    in.len -= pad;
    return in.len / 4 * 3 + (in.len % 4 > 1 ? in.len % 4 - 1 : 0);
}

/* Decodes all of `in` into at most `cap` bytes at `out`. Padding may be left off but not be wrong; no white space; left-over
   bits are zero. False: malformed or too long, and `out` holds nothing of use. *len: bytes written. */
LLMFI_UNUSED static bool llmfi_base64_decode(llmf_str in, void *out, size_t cap, size_t *len) {
    const unsigned char *p = (const unsigned char *)in.ptr, *t = llmfi_base64_value;
    unsigned char *to = (unsigned char *)out;
    size_t pad = 0, n = in.len, tail;
    *len = 0;
    while (pad < 2 && pad < n && p[n - 1 - pad] == '=') pad++;
    if (pad && n % 4) return false;
    if (llmfi_base64_decoded_size(in) > cap) return false;
    n -= pad;
    tail = n % 4;
    if (tail == 1) return false;
    for (; n >= 4; n -= 4, p += 4, to += 3) {
        unsigned a = t[p[0]], b = t[p[1]], c = t[p[2]], d = t[p[3]];
        if ((a | b | c | d) & 0xc0) return false;
        to[0] = (unsigned char)(a << 2 | b >> 4);
        to[1] = (unsigned char)(b << 4 | c >> 2);
        to[2] = (unsigned char)(c << 6 | d);
    }
    if (tail && !llmfi_base64_tail(p, tail, to)) return false;
    *len = llmfi_base64_decoded_size(in);
    return true;
}

#endif
/* All memory of a factory is one block. Its front is the permanent arena (tables and slots, never given back), the rest a
   buddy heap: powers of two from LLMF_HEAP_UNIT up, so that the worst case can be computed, as SQLite's memsys5 does. From it
   each call takes arenas (many small things, freed as one) and buffers (one contiguous piece that grows).
   Nothing here knows what it stores; a refused request is NULL and never fatal. */
#ifndef LLMFI_BASE_MEM_H
#define LLMFI_BASE_MEM_H
#include <stdint.h>

/* Smallest piece of the heap in bytes: a power of two, at least 64 on 64-bit machines (a free piece holds two links). */
#ifndef LLMF_HEAP_UNIT
#define LLMF_HEAP_UNIT 64
#endif
#define LLMFI_HEAP_ORDERS 32
#define LLMFI_ALIGN 16

typedef struct llmfi_piece {
    struct llmfi_piece *next, *prev;
} llmfi_piece;

typedef struct llmfi_heap {
    char *base;                              /* first unit; aligned to LLMFI_ALIGN */
    uint8_t *state;                          /* one byte a unit: order + 1 at the head of a piece, | LLMFI_HEAP_FREE; 0 inside */
    size_t units;
    llmfi_piece *free[LLMFI_HEAP_ORDERS];
    size_t used, high;                       /* bytes handed out, rounded up; and the most there ever was */
    uint64_t requests;                       /* allocations and growths asked for, ever */
    uint64_t fail_at;                        /* the request of this number is refused; 0: none (fault injection) */
    bool fail_on;                            /* and so is each one after it */
} llmfi_heap;

#define LLMFI_HEAP_FREE 0x80u

static size_t llmfi_round_up(size_t n, size_t to) {
    return (n + to - 1) / to * to;
}

LLMFI_UNUSED static size_t llmfi_piece_bytes(int order) {
    return (size_t)LLMF_HEAP_UNIT << order;
}

static void llmfi_heap_link(llmfi_heap *h, size_t unit, int order) {
    llmfi_piece *p = (llmfi_piece *)(void *)(h->base + unit * LLMF_HEAP_UNIT);
    p->prev = NULL;
    p->next = h->free[order];
    if (p->next) p->next->prev = p;
    h->free[order] = p;
    h->state[unit] = (uint8_t)(LLMFI_HEAP_FREE | (unsigned)(order + 1));
}

static void llmfi_heap_unlink(llmfi_heap *h, size_t unit, int order) {
    llmfi_piece *p = (llmfi_piece *)(void *)(h->base + unit * LLMF_HEAP_UNIT);
    if (p->prev) p->prev->next = p->next;
    else h->free[order] = p->next;
    if (p->next) p->next->prev = p->prev;
    h->state[unit] = 0;
}

/* Takes over `size` bytes at `block` (any alignment, any size: a size that is no power of two becomes several pieces). */
LLMFI_UNUSED static void llmfi_heap_init(llmfi_heap *h, void *block, size_t size) {
    size_t skip = (LLMFI_ALIGN - (size_t)((uintptr_t)block % LLMFI_ALIGN)) % LLMFI_ALIGN, unit = 0, left;
    memset(h, 0, sizeof *h);
    if (size < skip + LLMF_HEAP_UNIT + 1 + LLMFI_ALIGN) return;
    h->units = (size - skip - LLMFI_ALIGN) / (LLMF_HEAP_UNIT + 1);
    h->base = (char *)block + skip;
    h->state = (uint8_t *)h->base + h->units * LLMF_HEAP_UNIT;
    memset(h->state, 0, h->units);
    for (left = h->units; left;) {
        int order = 0;
        while (order + 1 < LLMFI_HEAP_ORDERS && ((size_t)2 << order) <= left && unit % ((size_t)2 << order) == 0) order++;
        llmfi_heap_link(h, unit, order);
        unit += (size_t)1 << order;
        left -= (size_t)1 << order;
    }
}

static bool llmfi_heap_refuse(llmfi_heap *h) {
    h->requests++;
    return h->fail_at && (h->requests == h->fail_at || (h->fail_on && h->requests > h->fail_at));
}

/* The order that holds `size` bytes, or -1 when none does. */
static int llmfi_heap_order(size_t size) {
    int order = 0;
    while (order < LLMFI_HEAP_ORDERS && llmfi_piece_bytes(order) < size) order++;
    return order < LLMFI_HEAP_ORDERS && size <= (size_t)-1 / 4 ? order : -1;
}

/* Splits the piece at `unit` from `order` down to `want`; the upper halves become free. */
static void llmfi_heap_split(llmfi_heap *h, size_t unit, int order, int want) {
    while (order > want) {
        order--;
        llmfi_heap_link(h, unit + ((size_t)1 << order), order);
    }
    h->state[unit] = (uint8_t)(want + 1);
    h->used += llmfi_piece_bytes(want);
    if (h->used > h->high) h->high = h->used;
}

/* At least `size` bytes aligned to LLMFI_ALIGN, not cleared; NULL when refused. */
LLMFI_UNUSED static void *llmfi_heap_alloc(llmfi_heap *h, size_t size) {
    int want = llmfi_heap_order(size), order;
    size_t unit;
    if (llmfi_heap_refuse(h) || want < 0) return NULL;
    for (order = want; order < LLMFI_HEAP_ORDERS && !h->free[order];) order++;
    if (order == LLMFI_HEAP_ORDERS) return NULL;
    unit = (size_t)((char *)(void *)h->free[order] - h->base) / LLMF_HEAP_UNIT;
    llmfi_heap_unlink(h, unit, order);
    llmfi_heap_split(h, unit, order, want);
    return h->base + unit * LLMF_HEAP_UNIT;
}

/* Bytes usable at a pointer that llmfi_heap_alloc gave. */
static size_t llmfi_heap_size(const llmfi_heap *h, const void *ptr) {
    size_t unit = (size_t)((const char *)ptr - h->base) / LLMF_HEAP_UNIT;
    return llmfi_piece_bytes(h->state[unit] - 1);
}

/* True when the buddy of the piece at `unit` is a free piece of the same order. */
static bool llmfi_heap_buddy_free(const llmfi_heap *h, size_t unit, int order) {
    size_t buddy = unit ^ ((size_t)1 << order);
    return buddy + ((size_t)1 << order) <= h->units && h->state[buddy] == (uint8_t)(LLMFI_HEAP_FREE | (unsigned)(order + 1));
}

/* Gives a piece back; NULL is nothing. */
LLMFI_UNUSED static void llmfi_heap_free(llmfi_heap *h, void *ptr) {
    size_t unit;
    int order;
    if (!ptr) return;
    unit = (size_t)((char *)ptr - h->base) / LLMF_HEAP_UNIT;
    order = h->state[unit] - 1;
    h->used -= llmfi_piece_bytes(order);
    h->state[unit] = 0;
    while (order + 1 < LLMFI_HEAP_ORDERS && llmfi_heap_buddy_free(h, unit, order)) {
        llmfi_heap_unlink(h, unit ^ ((size_t)1 << order), order);
        unit &= ~((size_t)1 << order);
        order++;
    }
    llmfi_heap_link(h, unit, order);
}

/* Grows a piece where it stands, as long as the buddies above it are free. True when it now holds `size` bytes. */
static bool llmfi_heap_grow(llmfi_heap *h, void *ptr, size_t size) {
    size_t unit = (size_t)((char *)ptr - h->base) / LLMF_HEAP_UNIT;
    int order = h->state[unit] - 1, want = llmfi_heap_order(size), at;
    if (want < 0) return false;
    for (at = order; at < want; at++)
        if ((unit & ((size_t)1 << at)) || !llmfi_heap_buddy_free(h, unit, at)) return false;
    for (at = order; at < want; at++) llmfi_heap_unlink(h, unit ^ ((size_t)1 << at), at);
    h->used -= llmfi_piece_bytes(order);
    llmfi_heap_split(h, unit, at, at);
    return true;
}

/* Moves `keep` bytes into a piece of `size` bytes, in place where it can. NULL when refused: the old piece is untouched. */
LLMFI_UNUSED static void *llmfi_heap_resize(llmfi_heap *h, void *ptr, size_t keep, size_t size) {
    void *to;
    if (!ptr) return llmfi_heap_alloc(h, size);
    if (llmfi_heap_size(h, ptr) >= size) return ptr;
    if (llmfi_heap_refuse(h)) return NULL;
    if (llmfi_heap_grow(h, ptr, size)) return ptr;
    h->requests--; /* one question, one count: the allocation below is the same request */
    to = llmfi_heap_alloc(h, size);
    if (!to) return NULL;
    memcpy(to, ptr, keep);
    llmfi_heap_free(h, ptr);
    return to;
}

/* ---- arena: many small things, freed as one ---- */

/* Bytes of an arena's first piece; later pieces double up to eight times that. */
#ifndef LLMF_ARENA_PIECE
#define LLMF_ARENA_PIECE 1024
#endif

typedef struct llmfi_arena_piece {
    struct llmfi_arena_piece *older;
    size_t size;
} llmfi_arena_piece;

typedef struct llmfi_arena {
    llmfi_heap *heap;
    llmfi_arena_piece *newest;
    char *at, *end;                          /* free room of the newest piece */
    size_t total, limit;                     /* bytes taken from the heap, and the most it may take; 0: no limit of its own */
    bool failed;                             /* a request was refused: whoever builds in this arena may look once, at the end */
} llmfi_arena;

LLMFI_UNUSED static void llmfi_arena_init(llmfi_arena *a, llmfi_heap *heap, size_t limit) {
    memset(a, 0, sizeof *a);
    a->heap = heap;
    a->limit = limit;
}

static bool llmfi_arena_more(llmfi_arena *a, size_t size) {
    size_t head = llmfi_round_up(sizeof(llmfi_arena_piece), LLMFI_ALIGN);
    size_t want = a->newest ? a->newest->size * 2 : LLMF_ARENA_PIECE, left = a->limit > a->total ? a->limit - a->total : 0;
    llmfi_arena_piece *piece;
    int order;
    if (want > (size_t)LLMF_ARENA_PIECE * 8) want = (size_t)LLMF_ARENA_PIECE * 8;
    if (size > (size_t)-1 / 8) return false;
    if (want < size + head || (a->limit && want > left)) want = size + head; /* near the limit: only what is asked for */
    order = llmfi_heap_order(want);
    if (a->limit && (order < 0 || llmfi_piece_bytes(order) > left)) return false;
    piece = (llmfi_arena_piece *)llmfi_heap_alloc(a->heap, want);
    if (!piece) return false;
    piece->size = llmfi_heap_size(a->heap, piece);
    piece->older = a->newest;
    a->newest = piece;
    a->total += piece->size;
    a->at = (char *)(void *)piece + head;
    a->end = (char *)(void *)piece + piece->size;
    return true;
}

/* `size` bytes of zeros aligned to LLMFI_ALIGN, or NULL. */
LLMFI_UNUSED static void *llmfi_arena_alloc(llmfi_arena *a, size_t size) {
    char *at;
    if (size > (size_t)-1 / 4) size = (size_t)-1 / 4;
    size = llmfi_round_up(size ? size : 1, LLMFI_ALIGN);
    if ((size_t)(a->end - a->at) < size && !llmfi_arena_more(a, size)) {
        a->failed = true;
        return NULL;
    }
    at = a->at;
    a->at += size;
    memset(at, 0, size);
    return at;
}

/* `count` things of `size` bytes each; NULL also when the product does not fit. */
LLMFI_UNUSED static void *llmfi_arena_array(llmfi_arena *a, size_t count, size_t size) {
    if (size && count > (size_t)-1 / 4 / size) {
        a->failed = true;
        return NULL;
    }
    return llmfi_arena_alloc(a, count * size);
}

/* A copy with a NUL behind it (not counted in len); empty with ptr "" when refused: look at a->failed. */
LLMFI_UNUSED static llmf_str llmfi_arena_copy(llmfi_arena *a, llmf_str s) {
    char *to = s.len < (size_t)-1 / 4 ? (char *)llmfi_arena_alloc(a, s.len + 1) : NULL;
    if (!to) {
        a->failed = true;
        return llmfi_str("", 0);
    }
    if (s.len) memcpy(to, s.ptr, s.len);
    return llmfi_str(to, s.len);
}

LLMFI_UNUSED static void llmfi_arena_free(llmfi_arena *a) {
    while (a->newest) {
        llmfi_arena_piece *older = a->newest->older;
        llmfi_heap_free(a->heap, a->newest);
        a->newest = older;
    }
    a->at = a->end = NULL;
    a->total = 0;
    a->failed = false;
}

/* ---- buffer: one contiguous piece that grows ---- */

typedef struct llmfi_buf {
    llmfi_heap *heap;
    char *ptr;
    size_t len, cap, limit;                  /* limit: the most bytes it may hold; 0: only the heap's */
    bool over;                               /* the limit, not the heap, refused */
} llmfi_buf;

LLMFI_UNUSED static void llmfi_buf_init(llmfi_buf *b, llmfi_heap *heap, size_t limit) {
    memset(b, 0, sizeof *b);
    b->heap = heap;
    b->limit = limit;
}

/* Room for `more` bytes behind len. False when refused; what is there stays. */
LLMFI_UNUSED static bool llmfi_buf_reserve(llmfi_buf *b, size_t more) {
    char *to;
    if (b->limit && (b->len > b->limit || more > b->limit - b->len)) {
        b->over = true;
        return false;
    }
    if (more <= b->cap - b->len) return true;
    if (more > (size_t)-1 / 4) return false;
    to = (char *)llmfi_heap_resize(b->heap, b->ptr, b->len, b->len + more);
    if (!to) return false;
    b->ptr = to;
    b->cap = llmfi_heap_size(b->heap, to);
    return true;
}

LLMFI_UNUSED static bool llmfi_buf_add(llmfi_buf *b, const char *bytes, size_t len) {
    if (!llmfi_buf_reserve(b, len)) return false;
    if (len) memcpy(b->ptr + b->len, bytes, len);
    b->len += len;
    return true;
}

/* Drops the first `n` bytes. */
LLMFI_UNUSED static void llmfi_buf_drop(llmfi_buf *b, size_t n) {
    if (n > b->len) n = b->len;
    if (!n) return;
    b->len -= n;
    if (b->len) memmove(b->ptr, b->ptr + n, b->len);
}

LLMFI_UNUSED static llmf_str llmfi_buf_str(const llmfi_buf *b) {
    return llmfi_str(b->ptr ? b->ptr : "", b->len);
}

LLMFI_UNUSED static void llmfi_buf_free(llmfi_buf *b) {
    llmfi_heap_free(b->heap, b->ptr);
    b->ptr = NULL;
    b->len = b->cap = 0;
    b->over = false;
}

#endif
/* Numbers as text, without a locale: exact reading (what IEEE 754 rounds to, for every input), shortest printing that reads
   back as the same number, and money as whole pico-dollars. */
#ifndef LLMFI_BASE_NUM_H
#define LLMFI_BASE_NUM_H
#include <float.h>
#include <stdint.h>

#define LLMFI_INT_TEXT 20    /* room for any int64_t */
#define LLMFI_DOUBLE_TEXT 32 /* room for any double */

/* ---- whole numbers ---- */

/* Digits with an optional '-'; nothing else, and inside the range. */
LLMFI_UNUSED static bool llmfi_parse_int(llmf_str s, int64_t *out) {
    bool negative = s.len && s.ptr[0] == '-';
    uint64_t value = 0, most = (uint64_t)INT64_MAX + negative;
    size_t i = negative;
    if (i == s.len) return false;
    for (; i < s.len; i++) {
        unsigned digit = (unsigned)(unsigned char)s.ptr[i] - '0';
        if (digit > 9 || value > (most - digit) / 10) return false;
        value = value * 10 + digit;
    }
    *out = negative && value ? -(int64_t)(value - 1) - 1 : (int64_t)value;
    return true;
}

/* Up to 20 digits. */
LLMFI_UNUSED static size_t llmfi_print_uint(char *out, uint64_t value) {
    char text[LLMFI_INT_TEXT];
    size_t at = sizeof text;
    do {
        text[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    memcpy(out, text + at, sizeof text - at);
    return sizeof text - at;
}

/* `out` has room for LLMFI_INT_TEXT bytes; no NUL; returns the length. */
LLMFI_UNUSED static size_t llmfi_print_int(char *out, int64_t value) {
    if (value >= 0) return llmfi_print_uint(out, (uint64_t)value);
    out[0] = '-';
    return 1 + llmfi_print_uint(out + 1, (uint64_t)0 - (uint64_t)value);
}

/* ---- decimals, as they are written ---- */

/* The number is `w * 10^exp`, w its first 19 digits at most; `more`: digits other than 0 follow those. */
typedef struct llmfi_decimal {
    uint64_t w;
    int64_t exp;
    bool negative, more;
    const char *digits, *digits_end;         /* from the first digit that is not 0, the point among them; only where `more` */
} llmfi_decimal;

static uint64_t llmfi_load8_le(const char *s) {
    const unsigned char *p = (const unsigned char *)s;
    return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24 | (uint64_t)p[4] << 32
         | (uint64_t)p[5] << 40 | (uint64_t)p[6] << 48 | (uint64_t)p[7] << 56;
}

/* Eight bytes in any order: are they all digits? */
static bool llmfi_eight_digits(uint64_t v) {
    return !(((v + UINT64_C(0x4646464646464646)) | (v - UINT64_C(0x3030303030303030))) & UINT64_C(0x8080808080808080));
}

/* Adds the run of digits at p to *w (which wraps silently beyond 19 digits), eight at a time; returns its end. */
static const char *llmfi_decimal_run(const char *p, const char *end, uint64_t *w) {
    uint64_t value = *w;
    while (end - p >= 8) {
        uint64_t v = llmfi_load8_le(p);
        if (!llmfi_eight_digits(v)) break;
        v -= UINT64_C(0x3030303030303030);
        v = v * 10 + (v >> 8); /* pairs, then two pairs of pairs by one multiplication each */
        v = ((v & UINT64_C(0xff000000ff)) * UINT64_C(0xf424000000064)
           + ((v >> 16) & UINT64_C(0xff000000ff)) * UINT64_C(0x271000000001)) >> 32;
        value = value * 100000000 + v;
        p += 8;
    }
    for (; p < end && llmfi_is_digit(*p); p++) value = value * 10 + (uint64_t)(*p - '0');
    *w = value;
    return p;
}

/* More than 19 digits: leading zeros do not count, and what follows the first 19 only matters by not being all 0. */
static void llmfi_decimal_long(llmfi_decimal *d, const char *p, const char *end) {
    int taken = 0;
    bool point = false;
    int64_t exp = 0;
    for (; p < end && (*p == '0' || *p == '.'); p++) {
        if (*p == '.') point = true;
        else if (point) exp--;
    }
    d->digits = p;
    d->digits_end = end;
    d->w = 0;
    for (; p < end; p++) {
        if (*p == '.') {
            point = true;
        } else if (taken < 19) {
            d->w = d->w * 10 + (uint64_t)(*p - '0');
            taken++;
            if (point) exp--;
        } else {
            if (*p != '0') d->more = true;
            if (!point) exp++;
        }
    }
    d->exp += exp;
}

/* The text after 'e'; beyond +-10^17 it makes no difference. */
static bool llmfi_decimal_exponent(const char *p, const char *end, int64_t *exp) {
    bool negative = p < end && *p == '-';
    int64_t value = 0;
    if (p < end && (*p == '-' || *p == '+')) p++;
    if (p == end) return false;
    for (; p < end; p++) {
        if (!llmfi_is_digit(*p)) return false;
        if (value < INT64_C(100000000000000000)) value = value * 10 + (*p - '0');
    }
    *exp = negative ? -value : value;
    return true;
}

/* JSON's numbers, and also "1.", ".5" and "007"; at least one digit, no '+' in front, no blanks. */
static bool llmfi_decimal_read(llmf_str s, llmfi_decimal *d) {
    const char *p = s.ptr, *end = s.ptr + s.len, *begin, *stop;
    size_t digits;
    d->w = 0;
    d->exp = 0;
    d->more = false;
    d->negative = s.len && *p == '-';
    begin = p += d->negative;
    p = llmfi_decimal_run(p, end, &d->w);
    digits = (size_t)(p - begin);
    stop = p;
    if (p < end && *p == '.') {
        const char *fraction = ++p;
        stop = p = llmfi_decimal_run(p, end, &d->w);
        d->exp = fraction - p;
        digits += (size_t)(p - fraction);
    }
    if (!digits) return false;
    if (p < end) {
        int64_t exp;
        if ((*p != 'e' && *p != 'E') || !llmfi_decimal_exponent(p + 1, end, &exp)) return false;
        d->exp = digits > 19 ? exp : d->exp + exp;
    } else if (digits > 19) {
        d->exp = 0;
    }
    if (digits > 19) llmfi_decimal_long(d, begin, stop);
    return true;
}

/* The number times 10^shift as a whole number; false unless that is exact and fits. */
LLMFI_UNUSED static bool llmfi_parse_fixed(llmf_str s, int shift, int64_t *out) {
    llmfi_decimal d;
    if (!llmfi_decimal_read(s, &d) || d.more) return false;
    *out = 0;
    if (!d.w) return true;
    d.exp += shift;
    for (; d.exp < 0; d.exp++) {
        if (d.w % 10) return false;
        d.w /= 10;
    }
    for (; d.exp > 0; d.exp--) {
        if (d.w > UINT64_MAX / 10) return false;
        d.w *= 10;
    }
    if (d.w > (uint64_t)INT64_MAX) return false;
    *out = d.negative ? -(int64_t)d.w : (int64_t)d.w;
    return true;
}

/* A whole number in any spelling: 12, 12.0, 1.2e1. */
LLMFI_UNUSED static bool llmfi_parse_whole(llmf_str s, int64_t *out) {
    return llmfi_parse_fixed(s, 0, out);
}

/* US dollars per million tokens -> pico-dollars per token: 1e12 / 1e6, so six decimals. */
LLMFI_UNUSED static bool llmfi_parse_pico(llmf_str usd_per_million, int64_t *pico_per_token) {
    return llmfi_parse_fixed(usd_per_million, 6, pico_per_token);
}

/* ---- powers of ten in 64 bits ---- */

/* m * 2^exp with the top bit of m set. */
typedef struct llmfi_scaled {
    uint64_t m;
    int exp;
} llmfi_scaled;

#define LLMFI_POW_MIN (-352)
#define LLMFI_POW_MAX 351

/* The upper half of a product, rounded. */
static uint64_t llmfi_mul_high(uint64_t a, uint64_t b) {
#if defined(__SIZEOF_INT128__)
    __extension__ typedef unsigned __int128 wide;
    wide v = (wide)a * b;
    return (uint64_t)(v >> 64) + ((uint64_t)v >> 63);
#else
    uint64_t al = a & 0xffffffffu, ah = a >> 32, bl = b & 0xffffffffu, bh = b >> 32;
    uint64_t low = al * bl, mid1 = ah * bl + (low >> 32), mid2 = al * bh + (mid1 & 0xffffffffu);
    return ah * bh + (mid1 >> 32) + (mid2 >> 32) + (mid2 >> 31 & 1);
#endif
}

/* At most half a unit of the last place is added to the operands' errors, doubled when the result must be shifted. */
static llmfi_scaled llmfi_scaled_mul(llmfi_scaled a, llmfi_scaled b) {
    llmfi_scaled r;
    r.m = llmfi_mul_high(a.m, b.m);
    r.exp = a.exp + b.exp + 64;
    if (!(r.m >> 63)) {
        r.m <<= 1;
        r.exp--;
    }
    return r;
}

static llmfi_scaled llmfi_scaled_of(uint64_t m) {
    llmfi_scaled r;
    r.m = m;
    r.exp = 0;
#if defined(__GNUC__)
    r.exp = -__builtin_clzll(m);
    r.m <<= -r.exp;
#else
    for (; !(r.m >> 63); r.m <<= 1) r.exp--;
#endif
    return r;
}

static const uint64_t llmfi_pow10[19] = {
    1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000, UINT64_C(10000000000), UINT64_C(100000000000),
    UINT64_C(1000000000000), UINT64_C(10000000000000), UINT64_C(100000000000000), UINT64_C(1000000000000000),
    UINT64_C(10000000000000000), UINT64_C(100000000000000000), UINT64_C(1000000000000000000)
};

/* a * 10^k, k within LLMFI_POW_MIN..MAX. The error is below 4 units of the last place, plus four times that of `a`. */
static llmfi_scaled llmfi_scaled_pow10(llmfi_scaled a, int k) {
    /* 10^-352, 10^-336 ... 10^336 to the nearest 64 bits */
    static const uint64_t big[44] = {
        UINT64_C(0xcd42a11346f34f7d), UINT64_C(0xe3e27a444d8d98b8), UINT64_C(0xfd00b897478238d1), UINT64_C(0x8c71dcd9ba0b4926),
        UINT64_C(0x9becce62836ac577), UINT64_C(0xad1c8eab5ee43b67), UINT64_C(0xc0314325637a193a), UINT64_C(0xd5605fcdcf32e1d7),
        UINT64_C(0xece53cec4a314ebe), UINT64_C(0x8380dea93da4bc60), UINT64_C(0x91ff83775423cc06), UINT64_C(0xa21727db38cb0030),
        UINT64_C(0xb3f4e093db73a093), UINT64_C(0xc7caba6e7c5382c9), UINT64_C(0xddd0467c64bce4a1), UINT64_C(0xf64335bcf065d37d),
        UINT64_C(0x88b402f7fd75539b), UINT64_C(0x97c560ba6b0919a6), UINT64_C(0xa87fea27a539e9a5), UINT64_C(0xbb127c53b17ec159),
        UINT64_C(0xcfb11ead453994ba), UINT64_C(0xe69594bec44de15b), UINT64_C(0x8000000000000000), UINT64_C(0x8e1bc9bf04000000),
        UINT64_C(0x9dc5ada82b70b59e), UINT64_C(0xaf298d050e4395d7), UINT64_C(0xc2781f49ffcfa6d5), UINT64_C(0xd7e77a8f87daf7fc),
        UINT64_C(0xefb3ab16c59b14a3), UINT64_C(0x850fadc09923329e), UINT64_C(0x93ba47c980e98ce0), UINT64_C(0xa402b9c5a8d3a6e7),
        UINT64_C(0xb616a12b7fe617aa), UINT64_C(0xca28a291859bbf93), UINT64_C(0xe070f78d3927556b), UINT64_C(0xf92e0c3537826146),
        UINT64_C(0x8a5296ffe33cc930), UINT64_C(0x9991a6f3d6bf1766), UINT64_C(0xaa7eebfb9df9de8e), UINT64_C(0xbd49d14aa79dbc82),
        UINT64_C(0xd226fc195c6a2f8c), UINT64_C(0xe950df20247c83fd), UINT64_C(0x81842f29f2cce376), UINT64_C(0x8fcac257558ee4e6),
    };
    int step = (k - LLMFI_POW_MIN) / 16, base = step * 16 + LLMFI_POW_MIN;
    llmfi_scaled b;
    if (k != base) a = llmfi_scaled_mul(a, llmfi_scaled_of(llmfi_pow10[k - base]));
    if (!base) return a;
    b.m = big[step];
    b.exp = ((base * 217706 + (4096 << 16)) >> 16) - 4096 - 63; /* floor(log2(10^base)) - 63 */
    return llmfi_scaled_mul(a, b);
}

/* ---- the exact way, for the few numbers that lie too near to the middle between two doubles ---- */

/* 780 digits and the powers beside them need below 3,800 bits. */
typedef struct llmfi_big {
    uint32_t word[128];
    int count;
} llmfi_big;

static void llmfi_big_mul(llmfi_big *b, uint32_t factor, uint32_t add) {
    uint64_t carry = add;
    int i;
    for (i = 0; i < b->count; i++) {
        carry += (uint64_t)b->word[i] * factor;
        b->word[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry && b->count < (int)LLMFI_COUNT(b->word)) b->word[b->count++] = (uint32_t)carry;
}

/* b * base^n, in steps of base^step, which fits 32 bits. */
static void llmfi_big_pow(llmfi_big *b, uint32_t base, int step, int64_t n) {
    uint32_t whole = 1;
    int i;
    for (i = 0; i < step; i++) whole *= base;
    for (; n >= step; n -= step) llmfi_big_mul(b, whole, 0);
    for (; n > 0; n--) llmfi_big_mul(b, base, 0);
}

static int llmfi_big_compare(const llmfi_big *a, const llmfi_big *b) {
    int i;
    if (a->count != b->count) return a->count < b->count ? -1 : 1;
    for (i = a->count; i-- > 0;)
        if (a->word[i] != b->word[i]) return a->word[i] < b->word[i] ? -1 : 1;
    return 0;
}

/* All digits; past 780 of them a last 1 stands for whatever follows. Returns the power of ten that goes with it. */
static int64_t llmfi_big_digits(llmfi_big *b, const llmfi_decimal *d) {
    const char *p = d->digits;
    int64_t whole = 0;
    b->word[0] = (uint32_t)d->w;
    b->word[1] = (uint32_t)(d->w >> 32);
    b->count = b->word[1] ? 2 : b->word[0] ? 1 : 0;
    if (!d->more) return d->exp;
    b->count = 0;
    for (; p < d->digits_end && whole < 780; p++) {
        if (*p == '.') continue;
        llmfi_big_mul(b, 10, (uint32_t)(*p - '0'));
        whole++;
    }
    for (; p < d->digits_end && (*p == '0' || *p == '.'); p++) continue;
    if (p < d->digits_end) {
        llmfi_big_mul(b, 10, 1);
        whole++;
    }
    return d->exp + 19 - whole; /* d->exp belongs to the first 19 digits */
}

/* Sign of: the decimal - half * 2^exp2. */
static int llmfi_decimal_compare(const llmfi_decimal *d, uint64_t half, int exp2) {
    llmfi_big left, right;
    llmfi_decimal h;
    int64_t exp = llmfi_big_digits(&left, d);
    memset(&h, 0, sizeof h);
    h.w = half;
    llmfi_big_digits(&right, &h);
    llmfi_big_pow(exp < 0 ? &right : &left, 10, 9, exp < 0 ? -exp : exp);
    llmfi_big_pow(exp2 < 0 ? &left : &right, 2, 31, exp2 < 0 ? -(int64_t)exp2 : exp2);
    return llmfi_big_compare(&left, &right);
}

/* ---- decimal -> binary ---- */

/* The IEEE 754 bits, without sign, of a format with `bits` of significand and the least normal exponent `least`. Too large gives
   the bits of infinity. Computed in 64 bits with a known bound of the error; where that leaves the rounding open, exactly. */
static uint64_t llmfi_decimal_bits(const llmfi_decimal *d, int bits, int least) {
    uint64_t infinity = (uint64_t)(3 - 2 * least) << (bits - 1), kept, half, low, error = 5;
    llmfi_scaled v;
    int drop, top;
    if (!d->w || d->exp < LLMFI_POW_MIN) return 0; /* 10^19 * 10^-353 is below half of the least double */
    if (d->exp > 310) return infinity;
    v = llmfi_scaled_of(d->w);
    if (d->more) error += 4u << -v.exp;
    v = llmfi_scaled_pow10(v, (int)d->exp);
    top = v.exp + 63;
    drop = 64 - bits + (top < least ? least - top : 0);
    if (drop > 65) return 0;
    if (drop >= 64) { /* at most the least denormal, or nothing */
        v.m = v.m >> 2 | (v.m & 3 ? 1 : 0);
        v.exp += 2;
        drop -= 2;
    }
    kept = v.m >> drop;
    half = UINT64_C(1) << (drop - 1);
    low = v.m & (2 * half - 1);
    if (low + error < half) low = 0;
    else if (low > half + error) low = 1;
    else {
        int sign = llmfi_decimal_compare(d, 2 * kept + 1, v.exp + drop - 1);
        low = sign > 0 || (sign == 0 && (kept & 1));
    }
    kept += low;
    if (top >= least) kept += (uint64_t)(top - least) << (bits - 1); /* the hidden bit makes it one more */
    return kept < infinity ? kept : infinity;
}

/* Correctly rounded (to nearest, ties to even). False: no number, or too large for a double; too small is 0. */
LLMFI_UNUSED static bool llmfi_parse_double(llmf_str s, double *out) {
    llmfi_decimal d;
    uint64_t bits;
    if (!llmfi_decimal_read(s, &d)) return false;
#if defined(FLT_EVAL_METHOD) && FLT_EVAL_METHOD == 0
    /* Clinger: both operands are exact doubles, so one operation rounds once. */
    if (!d.more && d.w <= UINT64_C(1) << 53 && d.exp >= -18 && d.exp <= 18) {
        double value = (double)(int64_t)d.w, power = (double)(int64_t)llmfi_pow10[d.exp < 0 ? -d.exp : d.exp];
        value = d.exp < 0 ? value / power : value * power;
        *out = d.negative ? -value : value;
        return true;
    }
#endif
    bits = llmfi_decimal_bits(&d, 53, -1022);
    if (bits >> 52 == 0x7ff) return false;
    bits |= (uint64_t)d.negative << 63;
    memcpy(out, &bits, sizeof bits);
    return true;
}

/* The same for float: rounded once, not through double. */
LLMFI_UNUSED static bool llmfi_parse_float(llmf_str s, float *out) {
    llmfi_decimal d;
    uint32_t bits;
    if (!llmfi_decimal_read(s, &d)) return false;
#if defined(FLT_EVAL_METHOD) && FLT_EVAL_METHOD == 0
    /* Three roundings in double are off by less than 2 units of its last place: that decides the float, unless they lie at the
       middle between two floats. The range, 10^-18 .. 10^37, is inside the normal one. */
    if (!d.more && d.w <= (uint64_t)INT64_MAX && d.exp >= -18 && d.exp <= 18) {
        double value = (double)(int64_t)d.w, power = (double)(int64_t)llmfi_pow10[d.exp < 0 ? -d.exp : d.exp];
        uint64_t wide;
        value = d.exp < 0 ? value / power : value * power;
        memcpy(&wide, &value, sizeof wide);
        if ((wide & 0x1fffffff) - 0xffffffc > 8) { /* further than 4 from 0x10000000 */
            *out = (float)(d.negative ? -value : value);
            return true;
        }
    }
#endif
    bits = (uint32_t)llmfi_decimal_bits(&d, 24, -126);
    if (bits >> 23 == 0xff) return false;
    bits |= (uint32_t)d.negative << 31;
    memcpy(out, &bits, sizeof bits);
    return true;
}

/* ---- binary -> decimal ---- */

/* The positive double `bits` in 17 digits: v ~ *w * 10^result, 10^16 <= *w < 10^17 (its last digit may be off by one). */
static int llmfi_digits17(uint64_t bits, uint64_t *w) {
    uint64_t fraction = bits & 0xfffffffffffffu;
    int exp = (int)(bits >> 52), k;
    llmfi_scaled v = llmfi_scaled_of(exp ? fraction | UINT64_C(1) << 52 : fraction), p;
    v.exp += (exp ? exp : 1) - 1075;
    k = 16 - ((((v.exp + 63) * 78913 + (1024 << 18)) >> 18) - 1024); /* 16 - floor(log10(2^top)) */
    for (;; k--) {
        p = llmfi_scaled_pow10(v, k);
        *w = (p.m + (UINT64_C(1) << (-p.exp - 1))) >> -p.exp;
        if (*w < UINT64_C(100000000000000000)) return -k;
    }
}

/* True when w * 10^exp reads back as `bits`. */
static bool llmfi_reads_back(uint64_t w, int exp, uint64_t bits) {
    llmfi_decimal d;
    memset(&d, 0, sizeof d);
    d.w = w;
    d.exp = exp;
    return llmfi_decimal_bits(&d, 53, -1022) == bits;
}

/* The fewest digits that read back as `bits`: *w * 10^result, no zeros at its end. */
static int llmfi_shortest(uint64_t bits, uint64_t *w) {
    uint64_t all, half;
    int exp = llmfi_digits17(bits, &all), drop;
    /* 15 digits always come back from a normal double, so fewer show as zeros; below that range it takes a search */
    for (drop = bits >> 52 ? 2 : 16; drop; drop--) {
        half = llmfi_pow10[drop] / 2;
        *w = (all + half) / (2 * half);
        if (llmfi_reads_back(*w, exp + drop, bits)) break;
        if (all % (2 * half) == half && llmfi_reads_back(--*w, exp + drop, bits)) break; /* the middle may have been below it */
    }
    if (!drop) {
        *w = all;
        if (!llmfi_reads_back(all, exp, bits)) *w = llmfi_reads_back(all - 1, exp, bits) ? all - 1 : all + 1;
    }
    for (exp += drop; *w % 10 == 0; exp++) *w /= 10;
    return exp;
}

/* Lays out `n` digits with the point after digit `point` (of the text 0.ddd * 10^point), without an exponent. */
static char *llmfi_print_plain(char *out, const char *digits, int n, int point) {
    int i;
    if (point <= 0) {
        *out++ = '0';
        *out++ = '.';
        for (i = point; i < 0; i++) *out++ = '0';
    }
    for (i = 0; i < n || i < point; i++) {
        if (i == point && point > 0) *out++ = '.';
        *out++ = (char)(i < n ? digits[i] : '0');
    }
    return out;
}

/* The shortest text that reads back as the same double, as JavaScript lays it out: 0.1, 100, 1e21, 1.5e-7. No NUL. Returns the
   length; 0 for what JSON cannot say (infinities, NaN). */
LLMFI_UNUSED static size_t llmfi_print_double(char out[LLMFI_DOUBLE_TEXT], double value) {
    char digits[LLMFI_INT_TEXT], *p = out;
    uint64_t bits, w;
    int n, point;
    memcpy(&bits, &value, sizeof bits);
    if ((bits >> 52 & 0x7ff) == 0x7ff) return 0;
    if (bits >> 63) *p++ = '-';
    bits &= UINT64_MAX >> 1;
    if (!bits) {
        *p++ = '0';
        return (size_t)(p - out);
    }
    point = llmfi_shortest(bits, &w);
    n = (int)llmfi_print_uint(digits, w);
    point += n;
    if (point > -6 && point <= 21) return (size_t)(llmfi_print_plain(p, digits, n, point) - out);
    p = llmfi_print_plain(p, digits, n, 1);
    *p++ = 'e';
    return (size_t)(p - out) + llmfi_print_int(p, point - 1);
}

#endif

typedef struct llmfi_out {
    char *ptr;                               /* the window; NULL: only counted */
    size_t cap, len;
    uint64_t skip;                           /* bytes still to be dropped before the window begins */
    uint64_t total;                          /* bytes put so far, dropped ones included */
    void (*tap)(void *user, const char *bytes, size_t len); /* sees every byte, for a hash; NULL: none */
    void *tap_user;
    llmfi_buf *grow;                         /* instead of a window: append here */
    bool full;                               /* len == cap: further bytes are only counted, so an emitter may stop */
    bool failed;                             /* `grow` was refused; nothing is appended after that */
} llmfi_out;

/* Only counts; set .tap to hash what is put. */
LLMFI_UNUSED static void llmfi_out_count(llmfi_out *o) {
    memset(o, 0, sizeof *o);
}

/* Keeps bytes skip .. skip + cap of what is put. */
LLMFI_UNUSED static void llmfi_out_window(llmfi_out *o, char *ptr, size_t cap, uint64_t skip) {
    memset(o, 0, sizeof *o);
    o->ptr = ptr;
    o->cap = cap;
    o->skip = skip;
    o->full = cap == 0;
}

/* Appends all that is put to `grow`. */
LLMFI_UNUSED static void llmfi_out_buf(llmfi_out *o, llmfi_buf *grow) {
    memset(o, 0, sizeof *o);
    o->grow = grow;
}

/* True when nobody looks at further bytes: they may be counted without being made. */
LLMFI_UNUSED static bool llmfi_out_deaf(const llmfi_out *o) {
    return !o->tap && (o->grow ? o->failed : !o->ptr || o->full);
}

/* What the short path of llmfi_put does not do: tap, growing, the edges of the window. */
static void llmfi_put_slow(llmfi_out *o, const char *bytes, size_t len) {
    if (o->tap && len) o->tap(o->tap_user, bytes, len);
    if (o->grow) {
        if (!o->failed && !llmfi_buf_add(o->grow, bytes, len)) o->failed = true;
        return;
    }
    if (!o->ptr || o->full) return;
    if (o->skip >= len) {
        o->skip -= len;
        return;
    }
    bytes += (size_t)o->skip;
    len -= (size_t)o->skip;
    o->skip = 0;
    if (len > o->cap - o->len) len = o->cap - o->len;
    memcpy(o->ptr + o->len, bytes, len);
    o->len += len;
    o->full = o->len == o->cap;
}

LLMFI_UNUSED static void llmfi_put(llmfi_out *o, const char *bytes, size_t len) {
    o->total += len;
    if (!o->tap && !o->skip && o->ptr && len < o->cap - o->len) {
        if (len) memcpy(o->ptr + o->len, bytes, len);
        o->len += len;
    } else {
        llmfi_put_slow(o, bytes, len);
    }
}

#define LLMFI_PUT(o, lit) llmfi_put((o), "" lit, sizeof(lit) - 1)

LLMFI_UNUSED static void llmfi_put_str(llmfi_out *o, llmf_str s) {
    llmfi_put(o, s.ptr, s.len);
}

LLMFI_UNUSED static void llmfi_put_char(llmfi_out *o, char c) {
    llmfi_put(o, &c, 1);
}

LLMFI_UNUSED static void llmfi_put_int(llmfi_out *o, int64_t value) {
    char text[LLMFI_INT_TEXT];
    llmfi_put(o, text, llmfi_print_int(text, value));
}

/* `len` bytes as base64, without making what nobody looks at: the cost is that of the window, not of the data. */
LLMFI_UNUSED static void llmfi_put_base64(llmfi_out *o, const void *data, size_t len) {
    const char *p = (const char *)data;
    char text[4 * 64];
    uint64_t left = ((uint64_t)len + 2) / 3 * 4;
    if (!o->tap && !o->grow && o->ptr && !o->full) {
        uint64_t groups = (o->skip < left ? o->skip : left) / 4;
        size_t before = groups * 3 < len ? (size_t)groups * 3 : len;
        o->skip -= groups * 4;
        o->total += groups * 4;
        left -= groups * 4;
        p += before;
        len -= before;
    }
    while (len && !llmfi_out_deaf(o)) {
        size_t n = len < sizeof text / 4 * 3 ? len : sizeof text / 4 * 3, made = llmfi_base64_encode(text, p, n);
        llmfi_put(o, text, made);
        p += n;
        len -= n;
        left -= made;
    }
    o->total += left;
}

#endif

#define LLMFI_ASCII_MASK (UINT64_C(0x8080808080808080))

/* Eight bytes as a number, in the machine's own order: only for questions that are the same for each byte. */
LLMFI_UNUSED static uint64_t llmfi_load8(const char *p) {
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* The first byte that is not ASCII, or `end`. */
LLMFI_UNUSED static const char *llmfi_skip_ascii(const char *p, const char *end) {
    while (end - p >= 8 && !(llmfi_load8(p) & LLMFI_ASCII_MASK)) p += 8;
    while (p < end && !(*p & 0x80)) p++;
    return p;
}

/* What may follow a lead byte: how many bytes there are in all (0: it is no lead byte), and the range of the second. */
static int llmfi_utf8_lead(unsigned char c, unsigned char *low, unsigned char *high) {
    *low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
    *high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
    if (c < 0x80) return 1;
    if (c < 0xc2 || c > 0xf4) return 0;
    return c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

/* Reads one character at `p` (p < end): its length, 1 to 4, and *cp. Negative: minus the length of the bad piece there.
   0: what is there is the beginning of a character and `end` cuts it (with nothing to come, all of it is one bad piece). */
LLMFI_UNUSED static int llmfi_utf8_next(const char *p, const char *end, uint32_t *cp) {
    unsigned char low, high, c = (unsigned char)*p;
    int need = llmfi_utf8_lead(c, &low, &high), i;
    uint32_t value = need == 1 ? c : c & (0x7fu >> need);
    *cp = 0xfffd;
    if (need == 0) return -1;
    for (i = 1; i < need; i++) {
        if (p + i == end) return 0;
        c = (unsigned char)p[i];
        if (c < low || c > high) return -i;
        value = value << 6 | (c & 0x3fu);
        low = 0x80;
        high = 0xbf;
    }
    *cp = value;
    return need;
}

/* Strict. *bad_offset (may be NULL): the first byte of the first bad piece. */
LLMFI_UNUSED static bool llmfi_utf8_valid(llmf_str s, size_t *bad_offset) {
    const char *p = s.ptr, *end = s.ptr + s.len;
    uint32_t cp;
    while ((p = llmfi_skip_ascii(p, end)) < end) {
        int n = llmfi_utf8_next(p, end, &cp);
        if (n <= 0) {
            if (bad_offset) *bad_offset = (size_t)(p - s.ptr);
            return false;
        }
        p += n;
    }
    return true;
}

/* Writes the character; a surrogate or a number above U+10FFFF is written as U+FFFD. Returns its length. */
LLMFI_UNUSED static size_t llmfi_utf8_encode(char out[4], uint32_t cp) {
    if (cp < 0x80) {
        out[0] = (char)cp;
        return 1;
    }
    if (cp < 0x800) {
        out[0] = (char)(0xc0 | cp >> 6);
        out[1] = (char)(0x80 | (cp & 0x3f));
        return 2;
    }
    if (cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff)) cp = 0xfffd;
    if (cp < 0x10000) {
        out[0] = (char)(0xe0 | cp >> 12);
        out[1] = (char)(0x80 | (cp >> 6 & 0x3f));
        out[2] = (char)(0x80 | (cp & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | cp >> 18);
    out[1] = (char)(0x80 | (cp >> 12 & 0x3f));
    out[2] = (char)(0x80 | (cp >> 6 & 0x3f));
    out[3] = (char)(0x80 | (cp & 0x3f));
    return 4;
}

/* The longest prefix of at most `max` bytes that does not split a character. */
LLMFI_UNUSED static llmf_str llmfi_utf8_cut(llmf_str s, size_t max) {
    size_t at = max, back;
    if (s.len <= max) return s;
    for (back = 0; back < 3 && at && ((unsigned char)s.ptr[at] & 0xc0) == 0x80; back++) at--;
    if (at < max) {
        uint32_t cp;
        int n = llmfi_utf8_next(s.ptr + at, s.ptr + s.len, &cp);
        if (n <= 0 || at + (size_t)n <= max) at = max; /* those bytes are no part of a character that reaches over the edge */
    }
    return llmfi_str(s.ptr, at);
}

#define LLMFI_UTF8_BAD "\xef\xbf\xbd" /* U+FFFD */

/* ---- cleaning: whole, or in pieces ---- */

/* Up to three bytes that begin a character whose end is still to come. Zero is the initial state. */
typedef struct llmfi_utf8 {
    char pending[4];
    uint8_t count;
} llmfi_utf8;

/* The end of the valid text that begins at `p`; *bad: length of the bad piece there, 0 at the end or before a cut character. */
static const char *llmfi_utf8_run(const char *p, const char *end, int *bad) {
    uint32_t cp;
    *bad = 0;
    while ((p = llmfi_skip_ascii(p, end)) < end) {
        int n = llmfi_utf8_next(p, end, &cp);
        if (n <= 0) {
            *bad = -n;
            break;
        }
        p += n;
    }
    return p;
}

/* Completes the pending character from `p` as far as it goes; returns what is left of the piece. */
static const char *llmfi_utf8_join(llmfi_utf8 *u, const char *p, const char *end, llmfi_out *o) {
    uint32_t cp;
    while (u->count && p < end) {
        int n;
        u->pending[u->count] = *p;
        n = llmfi_utf8_next(u->pending, u->pending + u->count + 1, &cp);
        if (n < 0) { /* the new byte does not belong to it: it is looked at again by itself */
            LLMFI_PUT(o, LLMFI_UTF8_BAD);
            u->count = 0;
            break;
        }
        p++;
        u->count++;
        if (n > 0) {
            llmfi_put(o, u->pending, u->count);
            u->count = 0;
        }
    }
    return p;
}

/* Writes the piece, cleaned. A character cut at its end waits for the next piece. */
LLMFI_UNUSED static void llmfi_utf8_feed(llmfi_utf8 *u, llmf_str piece, llmfi_out *o) {
    const char *p = piece.ptr, *end = piece.ptr + piece.len;
    if (u->count) p = llmfi_utf8_join(u, p, end, o);
    while (p < end) {
        int bad;
        const char *stop = llmfi_utf8_run(p, end, &bad);
        llmfi_put(o, p, (size_t)(stop - p));
        p = stop + bad;
        if (bad) {
            LLMFI_PUT(o, LLMFI_UTF8_BAD);
        } else if (p < end) {
            u->count = (uint8_t)(end - p);
            memcpy(u->pending, p, u->count);
            p = end;
        }
    }
}

/* No piece follows: what was pending is one bad piece. */
LLMFI_UNUSED static void llmfi_utf8_end(llmfi_utf8 *u, llmfi_out *o) {
    if (u->count) LLMFI_PUT(o, LLMFI_UTF8_BAD);
    u->count = 0;
}

/* Copies `in` cleaned; `to` has room for 3 * in.len bytes (in.len if it is known to be valid). Returns the bytes written. */
LLMFI_UNUSED static size_t llmfi_utf8_clean(char *to, llmf_str in) {
    const char *p = in.ptr, *end = in.ptr + in.len;
    char *begin = to;
    while (p < end) {
        int bad;
        const char *stop = llmfi_utf8_run(p, end, &bad);
        if (stop > p) memcpy(to, p, (size_t)(stop - p));
        to += stop - p;
        p = stop + bad;
        if (!bad && p == end) break;
        memcpy(to, LLMFI_UTF8_BAD, 3);
        to += 3;
        if (!bad) p = end;
    }
    return (size_t)(to - begin);
}

#endif

/* Sixteen bytes at once where every machine of the target can; LLMF_NO_SIMD=1 leaves it out. */
#if defined(__GNUC__) && defined(__SSE2__) && !(defined(LLMF_NO_SIMD) && LLMF_NO_SIMD)
#define LLMFI_JSON_SSE2 1
#include <emmintrin.h>
#else
#define LLMFI_JSON_SSE2 0
#endif

/* The path of most tokens is kept short by holding what is rarer out of it. */
#if defined(__GNUC__)
#define LLMFI_JSON_FAST inline __attribute__((always_inline))
#define LLMFI_JSON_SLOW __attribute__((noinline))
#else
#define LLMFI_JSON_FAST inline
#define LLMFI_JSON_SLOW
#endif

/* How deep arrays and objects may nest, read or written. */
#ifndef LLMF_MAX_DEPTH
#define LLMF_MAX_DEPTH 128
#endif

enum {
    LLMFI_J_ERROR = -1,
    LLMFI_J_MORE = 0,                        /* the input ends inside or before a token, and `last` is not set */
    LLMFI_J_NULL,
    LLMFI_J_FALSE,
    LLMFI_J_TRUE,
    LLMFI_J_NUMBER,
    LLMFI_J_STRING,
    LLMFI_J_KEY,
    LLMFI_J_OBJECT,
    LLMFI_J_OBJECT_END,
    LLMFI_J_ARRAY,
    LLMFI_J_ARRAY_END,
    LLMFI_J_END                              /* the one value is complete and only white space followed */
};

/* Copy it freely to look ahead. Zero is no initial state: call llmfi_json_init. */
typedef struct llmfi_json {
    const char *at, *end;                    /* next byte to read, end of what is there */
    const char *from;                        /* where the piece of input began */
    uint64_t offset;                         /* of `from` in the whole input */
    size_t scanned;                          /* bytes from `at` on that an unfinished string is known to hold */
    uint32_t depth;                          /* open arrays and objects */
    uint32_t skip_depth;                     /* of a skip that waits for more input */
    uint8_t want;                            /* which tokens may come: LLMFI_JW_* */
    uint8_t item;                            /* what follows a comma here: LLMFI_JW_KEY, _VALUE, or 0 at the top */
    bool last;                               /* no byte follows `end` */
    bool escaped;                            /* text holds backslashes */
    bool wide;                               /* text may hold bytes that are not ASCII */
    int skip_token;                          /* what such a skip began with; 0: none waits */
    int token;
    llmf_str text;                           /* STRING, KEY: raw, between the quotes; NUMBER: as written. Until the bytes move */
    const char *error;                       /* what was expected; static storage */
    uint64_t error_offset;
    uint64_t objects[(LLMF_MAX_DEPTH + 63) / 64]; /* a bit for each level: set in an object */
} llmfi_json;

/* Bits of `want`. */
enum { LLMFI_JW_VALUE = 1, LLMFI_JW_KEY = 2, LLMFI_JW_CLOSE = 4, LLMFI_JW_COMMA = 8, LLMFI_JW_COLON = 16, LLMFI_JW_END = 32 };

LLMFI_UNUSED static void llmfi_json_init(llmfi_json *j, llmf_str input, bool last) {
    memset(j, 0, sizeof *j);
    j->at = j->from = input.ptr;
    j->end = input.ptr + input.len;
    j->last = last;
    j->want = LLMFI_JW_VALUE;
}

/* After MORE: `input` begins with the bytes from `at` to `end` that were not read yet, wherever they are now. */
LLMFI_UNUSED static void llmfi_json_feed(llmfi_json *j, llmf_str input, bool last) {
    j->offset += (uint64_t)(j->at - j->from);
    j->at = j->from = input.ptr;
    j->end = input.ptr + input.len;
    j->last = last;
}

/* The offset of `at` in the whole input. */
LLMFI_UNUSED static uint64_t llmfi_json_offset(const llmfi_json *j) {
    return j->offset + (uint64_t)(j->at - j->from);
}

/* The one value is complete (white space may follow). */
LLMFI_UNUSED static bool llmfi_json_done(const llmfi_json *j) {
    return j->want == LLMFI_JW_END;
}

static LLMFI_JSON_SLOW int llmfi_json_fail(llmfi_json *j, const char *at, const char *what) {
    j->error = what;
    j->error_offset = j->offset + (uint64_t)(at - j->from);
    j->want = 0; /* so that each further call fails too */
    return j->token = LLMFI_J_ERROR;
}

/* What would have been right where something else stands. */
static LLMFI_JSON_SLOW const char *llmfi_json_wanted(const llmfi_json *j) {
    switch (j->want) {
    case LLMFI_JW_VALUE: return "a value is expected";
    case LLMFI_JW_VALUE | LLMFI_JW_CLOSE: return "a value or ] is expected";
    case LLMFI_JW_KEY: return "a key in quotes is expected";
    case LLMFI_JW_KEY | LLMFI_JW_CLOSE: return "a key in quotes or } is expected";
    case LLMFI_JW_COLON: return ": is expected";
    case LLMFI_JW_END: return "nothing may follow the value";
    default: return j->item == LLMFI_JW_KEY ? ", or } is expected" : ", or ] is expected";
    }
}

/* No byte is left: the end, an error, or not yet. */
static int llmfi_json_starve(llmfi_json *j, const char *p) {
    j->at = p;
    if (!j->want) return j->token = LLMFI_J_ERROR;
    if (!j->last) return LLMFI_J_MORE;
    if (j->want == LLMFI_JW_END) return j->token = LLMFI_J_END;
    return llmfi_json_fail(j, p, j->depth || j->want != LLMFI_JW_VALUE ? llmfi_json_wanted(j) : "a value is expected, not the end");
}

/* A token that the end of the input cuts. */
static int llmfi_json_cut(llmfi_json *j, const char *what) {
    return j->last ? llmfi_json_fail(j, j->end, what) : LLMFI_J_MORE;
}

/* ---- strings ---- */

#define LLMFI_BYTES(c) (UINT64_C(0x0101010101010101) * (c))

/* A bit in each byte that is a quote, a backslash or a control character; exact up to the first of them (in little-endian
   order). The first two of the terms are one: c ^ 2 is below 0x21 for the quote and for what is below 0x20 only. */
LLMFI_UNUSED static uint64_t llmfi_json_special(uint64_t v) {
    return (((v ^ LLMFI_BYTES(2)) - LLMFI_BYTES(0x21)) | ((v ^ LLMFI_BYTES(0x5c)) - LLMFI_BYTES(1))) & ~v & LLMFI_ASCII_MASK;
}

/* The first quote, backslash or control character at or after p, or a place before it, less than 16 bytes from `end`. *wide is no
   longer 0 when a byte that is not ASCII was passed (or stands a little behind). */
static LLMFI_JSON_FAST const char *llmfi_json_scan_fast(const char *p, const char *end, uint64_t *wide) {
#if LLMFI_JSON_SSE2
    for (; end - p >= 16; p += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i mark = _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')), _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));
        unsigned special = (unsigned)_mm_movemask_epi8(_mm_or_si128(mark, _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(0x1f)), v)));
        *wide |= (unsigned)_mm_movemask_epi8(v);
        if (special) return p + (unsigned)__builtin_ctz(special);
    }
#else
    for (; end - p >= 8; p += 8) {
        uint64_t v = llmfi_load8(p), special = llmfi_json_special(v);
        *wide |= v & LLMFI_ASCII_MASK;
        if (!special) continue;
#if defined(__GNUC__) && defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
        return p + ((unsigned)__builtin_ctzll(special) >> 3);
#else
        break;
#endif
    }
#endif
    return p;
}

/* The first quote, backslash or control character at or after p, or `end`. */
static const char *llmfi_json_scan(const char *p, const char *end, uint64_t *wide) {
    for (p = llmfi_json_scan_fast(p, end, wide); p < end; p++) {
        unsigned char c = (unsigned char)*p;
        if (c == '"' || c == '\\' || c < 0x20) break;
        *wide |= c & 0x80;
    }
    return p;
}

/* The value of a hexadecimal digit, or 16. */
LLMFI_UNUSED static unsigned llmfi_hex(char c) {
    if (llmfi_is_digit(c)) return (unsigned)(c - '0');
    c = llmfi_lower(c);
    return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10) : 16;
}

/* The end of the escape at p, or NULL: *bad is the byte that is wrong, or `end` when the escape is cut. */
static const char *llmfi_json_escape_end(const char *p, const char *end, const char **bad) {
    int i;
    *bad = p + 1;
    if (*bad == end) return NULL;
    switch (p[1]) {
    case '"': case '\\': case '/': case 'b': case 'f': case 'n': case 'r': case 't': return p + 2;
    case 'u': break;
    default: return NULL;
    }
    for (i = 0; i < 4; i++) {
        ++*bad;
        if (*bad == end || llmfi_hex(**bad) > 15) return NULL;
    }
    return p + 6;
}

/* ---- structure ---- */

static bool llmfi_json_in_object(const llmfi_json *j) {
    return (j->objects[(j->depth - 1) / 64] >> ((j->depth - 1) % 64) & 1) != 0;
}

static LLMFI_JSON_SLOW int llmfi_json_open(llmfi_json *j, const char *p, bool object) {
    uint64_t bit = UINT64_C(1) << (j->depth % 64);
    if (j->depth == LLMF_MAX_DEPTH) return llmfi_json_fail(j, p, "nested too deeply (LLMF_MAX_DEPTH)");
    if (object) j->objects[j->depth / 64] |= bit;
    else j->objects[j->depth / 64] &= ~bit;
    j->depth++;
    j->at = p + 1;
    j->item = object ? LLMFI_JW_KEY : LLMFI_JW_VALUE;
    j->want = (uint8_t)(LLMFI_JW_CLOSE | j->item);
    return j->token = object ? LLMFI_J_OBJECT : LLMFI_J_ARRAY;
}

/* A value ends before p. A comma that stands right there is taken at once, so that the next call finds its token. */
static LLMFI_JSON_FAST int llmfi_json_after(llmfi_json *j, const char *p, int token) {
    bool comma = p < j->end && *p == ',' && j->item;
    j->want = comma ? j->item : j->item ? LLMFI_JW_COMMA | LLMFI_JW_CLOSE : LLMFI_JW_END;
    j->at = p + comma;
    return j->token = token;
}

static LLMFI_JSON_SLOW int llmfi_json_close(llmfi_json *j, const char *p, bool object) {
    j->depth--;
    j->item = !j->depth ? 0 : llmfi_json_in_object(j) ? LLMFI_JW_KEY : LLMFI_JW_VALUE;
    return llmfi_json_after(j, p + 1, object ? LLMFI_J_OBJECT_END : LLMFI_J_ARRAY_END);
}

/* ---- numbers and words ---- */

static const char *llmfi_json_digits(const char *p, const char *end) {
    while (end - p >= 8 && llmfi_eight_digits(llmfi_load8(p))) p += 8;
    while (p < end && llmfi_is_digit(*p)) p++;
    return p;
}

/* The number at p: what follows the '-', the point and the 'e' are digits, and no zero leads. */
static LLMFI_JSON_SLOW int llmfi_json_number(llmfi_json *j, const char *begin) {
    const char *p = begin, *end = j->end, *digits;
    j->at = begin;
    if (*p == '-') p++;
    digits = p;
    p = p < end && *p == '0' ? p + 1 : llmfi_json_digits(p, end);
    if (p > digits && p < end && *p == '.') {
        digits = ++p;
        p = llmfi_json_digits(p, end);
    }
    if (p > digits && p < end && (*p | 0x20) == 'e') {
        p++;
        if (p < end && (*p == '+' || *p == '-')) p++;
        digits = p;
        p = llmfi_json_digits(p, end);
    }
    if (p == end && !j->last) return LLMFI_J_MORE;
    if (p == digits) return llmfi_json_fail(j, p, "a digit is expected");
    if (p < end && llmfi_is_digit(*p)) return llmfi_json_fail(j, p, "a number may not begin with 0");
    j->text = llmfi_range(begin, p);
    j->escaped = j->wide = false;
    return llmfi_json_after(j, p, LLMFI_J_NUMBER);
}

/* A word that is not whole, or none. */
static LLMFI_JSON_SLOW int llmfi_json_no_word(llmfi_json *j, const char *p) {
    const char *word = *p == 'n' ? "null" : *p == 'f' ? "false" : "true";
    size_t have = (size_t)(j->end - p), len = strlen(word);
    j->at = p;
    if (have < len && memcmp(p, word, have) == 0) return llmfi_json_cut(j, "a value is expected");
    return llmfi_json_fail(j, p, "a value is expected: null, true, false, or text in quotes");
}

/* true, false, null. What follows the word is judged by the next call. */
static LLMFI_JSON_SLOW int llmfi_json_word(llmfi_json *j, const char *p) {
    size_t have = (size_t)(j->end - p), len = *p == 'f' ? 5 : 4;
    int token = *p == 'n' ? LLMFI_J_NULL : *p == 'f' ? LLMFI_J_FALSE : LLMFI_J_TRUE;
    if (have < len || memcmp(p + len - 4, *p == 'n' ? "null" : *p == 'f' ? "alse" : "true", 4) != 0) return llmfi_json_no_word(j, p);
    j->text = llmfi_str(p, len);
    j->escaped = j->wide = false;
    return llmfi_json_after(j, p + len, token);
}

/* ---- tokens ---- */

/* White space, commas and colons: the next byte that begins a token, or NULL (*result tells). */
static const char *llmfi_json_seek(llmfi_json *j, int *result) {
    const char *p = j->at, *end = j->end;
    for (; p < end; p++) {
        if (llmfi_is_space(*p)) {
#if LLMFI_JSON_SSE2
            while (end - p > 16) { /* indentation: a third of a plain reply's bytes */
                unsigned other = ~(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(const void *)(p + 1)), _mm_set1_epi8(' '))) & 0xffff;
                p += other ? (unsigned)__builtin_ctz(other) : 16;
                if (other) break;
            }
#endif
            continue;
        }
        if (*p == ',' && (j->want & LLMFI_JW_COMMA)) j->want = j->item;
        else if (*p == ':' && (j->want & LLMFI_JW_COLON)) j->want = LLMFI_JW_VALUE;
        else return j->at = p;
    }
    *result = llmfi_json_starve(j, p);
    return NULL;
}

/* The string or key from the quote at `open` to the one at p. */
static LLMFI_JSON_FAST int llmfi_json_string_end(llmfi_json *j, const char *open, const char *p, uint64_t wide) {
    bool colon;
    j->wide = wide != 0;
    j->text = llmfi_range(open + 1, p++);
    if (!(j->want & LLMFI_JW_KEY)) return llmfi_json_after(j, p, LLMFI_J_STRING);
    colon = p < j->end && *p == ':';
    j->want = colon ? LLMFI_JW_VALUE : LLMFI_JW_COLON;
    j->at = p + colon;
    return j->token = LLMFI_J_KEY;
}

/* The string whose quote is at `open`, known to be right up to p. */
static LLMFI_JSON_SLOW int llmfi_json_string(llmfi_json *j, const char *open, const char *p, uint64_t wide) {
    const char *end = j->end, *bad = end, *next;
    while ((p = llmfi_json_scan(p, end, &wide)) < end) {
        if (*p == '"') return llmfi_json_string_end(j, open, p, wide);
        if (*p != '\\') return llmfi_json_fail(j, p, "a control character must be escaped");
        j->escaped = true;
        next = llmfi_json_escape_end(p, end, &bad);
        if (!next && bad < end) return llmfi_json_fail(j, bad, p[1] == 'u' ? "four hexadecimal digits are expected" : "unknown escape");
        if (!next) break;
        p = next;
    }
    j->at = open;
    j->scanned = (size_t)(p - open);
    j->wide = wide != 0;
    return llmfi_json_cut(j, "the string has no end");
}

/* A string from where the input ended inside it. */
static LLMFI_JSON_SLOW int llmfi_json_string_again(llmfi_json *j, const char *open) {
    size_t from = j->scanned;
    j->scanned = 0;
    return llmfi_json_string(j, open, open + from, j->wide);
}

/* A string from its beginning: as a rule nothing in it is special. */
static LLMFI_JSON_FAST int llmfi_json_string_new(llmfi_json *j, const char *open) {
    uint64_t wide = 0;
    const char *p = llmfi_json_scan_fast(open + 1, j->end, &wide);
    j->escaped = false;
    if (p < j->end && *p == '"') return llmfi_json_string_end(j, open, p, wide);
    return llmfi_json_string(j, open, p, wide);
}

static LLMFI_JSON_SLOW int llmfi_json_unwanted(llmfi_json *j, const char *p) {
    return j->want ? llmfi_json_fail(j, p, llmfi_json_wanted(j)) : LLMFI_J_ERROR;
}

/* The token that begins at p. */
static LLMFI_JSON_FAST int llmfi_json_token(llmfi_json *j, const char *p) {
    int want = j->want;
    switch (*p) {
    case '}': case ']':
        if (!(want & LLMFI_JW_CLOSE) || *p != (j->item == LLMFI_JW_KEY ? '}' : ']')) break;
        return llmfi_json_close(j, p, *p == '}');
    case '{': case '[':
        if (!(want & LLMFI_JW_VALUE)) break;
        return llmfi_json_open(j, p, *p == '{');
    case 'n': case 't': case 'f':
        if (!(want & LLMFI_JW_VALUE)) break;
        return llmfi_json_word(j, p);
    case '-': case '0': case '1': case '2': case '3': case '4': case '5': case '6': case '7': case '8': case '9':
        if (!(want & LLMFI_JW_VALUE)) break;
        return llmfi_json_number(j, p);
    case '"':
        if (!(want & (LLMFI_JW_KEY | LLMFI_JW_VALUE))) break;
        return j->scanned ? llmfi_json_string_again(j, p) : llmfi_json_string_new(j, p);
    default: break;
    }
    return llmfi_json_unwanted(j, p);
}

/* The next token behind white space, or where a comma or a colon is still to come. */
static LLMFI_JSON_SLOW int llmfi_json_far(llmfi_json *j) {
    int result = 0;
    const char *p = llmfi_json_seek(j, &result);
    return p ? llmfi_json_token(j, p) : result;
}

static LLMFI_JSON_SLOW int llmfi_json_other(llmfi_json *j) {
    const char *p = j->at;
    if (j->end - p > 1 && *p == ' ' && (unsigned char)p[1] > ' ' && (j->want & (LLMFI_JW_KEY | LLMFI_JW_VALUE))) return llmfi_json_token(j, p + 1); /* "key": value */
    if (p == j->end || (unsigned char)*p <= ' ' || (j->want & (LLMFI_JW_COMMA | LLMFI_JW_COLON))) {
        if (p == j->end || (*p != '}' && *p != ']')) return llmfi_json_far(j);
    }
    return llmfi_json_token(j, p);
}

/* The next token, or MORE (nothing of the token is consumed: keep the bytes from `at`, append, llmfi_json_feed, call again), or
   ERROR (for good; error and error_offset say what and where). */
LLMFI_UNUSED static int llmfi_json_next(llmfi_json *j) {
    const char *open = j->at;
    if (open == j->end || *open != '"' || !(j->want & (LLMFI_JW_KEY | LLMFI_JW_VALUE)) || j->scanned) return llmfi_json_other(j);
    return llmfi_json_string_new(j, open);
}

/* Skips one value, checking it all the same: the array or object that was just opened, or else the next value (after a key, or
   the next item). Returns what was skipped (OBJECT and ARRAY for whole ones), ..._END where the array or object around it ended
   instead, MORE (feed, and call skip again), ERROR, END. */
LLMFI_UNUSED static int llmfi_json_skip(llmfi_json *j) {
    int token;
    if (!j->skip_token) {
        if (j->token == LLMFI_J_OBJECT || j->token == LLMFI_J_ARRAY) {
            j->skip_token = j->token;
            j->skip_depth = j->depth - 1;
        } else {
            token = llmfi_json_next(j);
            if (token != LLMFI_J_OBJECT && token != LLMFI_J_ARRAY) return token;
            j->skip_token = token;
            j->skip_depth = j->depth - 1;
        }
    }
    do {
        token = llmfi_json_next(j);
        if (token <= 0) return token;
    } while (j->depth > j->skip_depth);
    token = j->skip_token;
    j->skip_token = 0;
    return token;
}

/* Instead of next, before a value: skips it and gives its bytes. MORE consumes nothing here: the value must come to stand in one
   piece. Returns as llmfi_json_skip does. */
LLMFI_UNUSED static int llmfi_json_raw(llmfi_json *j, llmf_str *raw) {
    llmfi_json ahead = *j;
    int token = 0;
    const char *begin = llmfi_json_seek(&ahead, &token);
    if (begin) {
        ahead.token = LLMFI_J_NULL; /* an array just opened is not what to skip: its first item is */
        ahead.scanned = 0;
        token = llmfi_json_skip(&ahead);
    }
    if (token == LLMFI_J_MORE) return token;
    *j = ahead;
    if (begin && token > 0 && token < LLMFI_J_END)
        *raw = llmfi_range(begin, j->at - (j->item && j->want == j->item)); /* not with a comma that was taken behind it */
    return token;
}

/* ---- text of tokens ---- */

/* Room that decoding the current token's text may need: a bad byte becomes three. */
LLMFI_UNUSED static size_t llmfi_json_text_max(const llmfi_json *j) {
    return j->wide && !llmfi_utf8_valid(j->text, NULL) ? j->text.len * 3 : j->text.len;
}

/* True when the raw text of the current token is its text: no backslash, and valid UTF-8. */
LLMFI_UNUSED static bool llmfi_json_plain(const llmfi_json *j) {
    return !j->escaped && (!j->wide || llmfi_utf8_valid(j->text, NULL));
}

static uint32_t llmfi_json_hex4(const char *p) {
    return (uint32_t)(llmfi_hex(p[0]) << 12 | llmfi_hex(p[1]) << 8 | llmfi_hex(p[2]) << 4 | llmfi_hex(p[3]));
}

/* Decodes the escape at *p (checked by the reader) and moves *p behind it; a surrogate pair counts as one. A lone surrogate gives
   its own number. */
static uint32_t llmfi_json_escape(const char **p, const char *end) {
    static const char plain[] = "b\bf\fn\nr\rt\t";
    const char *at = *p;
    uint32_t cp = (unsigned char)at[1];
    size_t i;
    *p = at + 2;
    if (cp == 'u') {
        cp = llmfi_json_hex4(at + 2);
        *p = at + 6;
        if (cp >= 0xd800 && cp < 0xdc00 && end - at >= 12 && at[6] == '\\' && at[7] == 'u') {
            uint32_t low = llmfi_json_hex4(at + 8);
            if (low >= 0xdc00 && low < 0xe000) {
                *p = at + 12;
                return 0x10000 + ((cp - 0xd800) << 10) + (low - 0xdc00);
            }
        }
        return cp;
    }
    for (i = 0; i < sizeof plain - 1; i += 2)
        if (at[1] == plain[i]) return (unsigned char)plain[i + 1];
    return cp;
}

/* Decodes raw text of a STRING or KEY token: lone surrogates and bad UTF-8 become U+FFFD. `to` has room for
   llmfi_json_text_max, at most 3 * raw.len, and is not in `raw`. Returns the bytes written. */
LLMFI_UNUSED static size_t llmfi_json_decode(char *to, llmf_str raw) {
    const char *p = raw.ptr, *end = raw.ptr + raw.len;
    char *begin = to;
    while (p < end) {
        const char *stop = (const char *)memchr(p, '\\', (size_t)(end - p));
        if (!stop) stop = end;
        to += llmfi_utf8_clean(to, llmfi_range(p, stop)); /* a backslash never continues a character */
        for (p = stop; p < end && *p == '\\';) to += llmfi_utf8_encode(to, llmfi_json_escape(&p, end));
    }
    return (size_t)(to - begin);
}

/* Appends the current token's text, decoded, to `b`. False: refused. */
LLMFI_UNUSED static bool llmfi_json_add(const llmfi_json *j, llmfi_buf *b) {
    if (llmfi_json_plain(j)) return llmfi_buf_add(b, j->text.ptr, j->text.len);
    if (!llmfi_buf_reserve(b, llmfi_json_text_max(j))) return false;
    b->len += llmfi_json_decode(b->ptr + b->len, j->text);
    return true;
}

/* The current token's text, decoded, NUL behind it, in the arena; empty when refused (look at a->failed). */
LLMFI_UNUSED static llmf_str llmfi_json_copy(const llmfi_json *j, llmfi_arena *a) {
    size_t most = llmfi_json_text_max(j);
    char *to;
    if (llmfi_json_plain(j)) return llmfi_arena_copy(a, j->text);
    to = (char *)llmfi_arena_alloc(a, most + 1);
    return to ? llmfi_str(to, llmfi_json_decode(to, j->text)) : llmfi_str("", 0);
}

/* What config and requests ask of the current token's text: valid UTF-8 and no lone surrogate. *bad_offset (may be NULL): of
   the first bad byte, or of the backslash, in the text. */
LLMFI_UNUSED static bool llmfi_json_strict(const llmfi_json *j, size_t *bad_offset) {
    const char *p = j->text.ptr, *end = p + j->text.len;
    if (j->wide && !llmfi_utf8_valid(j->text, bad_offset)) return false;
    if (!j->escaped) return true;
    while (p < end && (p = (const char *)memchr(p, '\\', (size_t)(end - p))) != NULL) {
        const char *escape = p;
        uint32_t cp = llmfi_json_escape(&p, end);
        if (cp >= 0xd800 && cp < 0xe000) {
            if (bad_offset) *bad_offset = (size_t)(escape - j->text.ptr);
            return false;
        }
    }
    return true;
}

/* True when the current token's decoded text is `text`, which is valid UTF-8. */
LLMFI_UNUSED static bool llmfi_json_is(const llmfi_json *j, llmf_str text) {
    const char *p = j->text.ptr, *end = p + j->text.len;
    size_t at = 0;
    if (!j->escaped) return llmfi_eq(j->text, text);
    while (p < end) {
        char one[4];
        size_t n = 1;
        one[0] = *p;
        if (*p == '\\') n = llmfi_utf8_encode(one, llmfi_json_escape(&p, end));
        else p++;
        if (n > text.len - at || memcmp(one, text.ptr + at, n) != 0) return false;
        at += n;
    }
    return at == text.len;
}

/* KEY or STRING token against a literal. */
#define LLMFI_KEY(j, lit) ((j)->escaped ? llmfi_json_is((j), LLMFI_LIT(lit)) : LLMFI_IS((j)->text, lit))

#endif

typedef struct llmfi_jw {
    llmfi_out *out;
    uint32_t depth;
    uint64_t objects[(LLMF_MAX_DEPTH + 63) / 64]; /* a bit for each level: set in an object */
    bool comma;                              /* something stands before the next one at this level */
    bool keyed;                              /* a key waits for its value */
    bool text;                               /* between llmfi_jw_str_begin and _end */
    bool bad;                                /* used wrongly: nothing more is written */
    llmfi_utf8 utf8;                         /* of text that comes in pieces */
} llmfi_jw;

LLMFI_UNUSED static void llmfi_jw_init(llmfi_jw *w, llmfi_out *out) {
    memset(w, 0, sizeof *w);
    w->out = out;
}

static bool llmfi_jw_in_object(const llmfi_jw *w) {
    return w->depth && (w->objects[(w->depth - 1) / 64] >> ((w->depth - 1) % 64) & 1);
}

/* One value is complete, and nothing is open. */
LLMFI_UNUSED static bool llmfi_jw_done(const llmfi_jw *w) {
    return !w->bad && !w->text && w->depth == 0 && w->comma;
}

/* Before a value: the comma where one is needed. False when no value may stand here. */
static bool llmfi_jw_value(llmfi_jw *w) {
    if (w->bad || w->text || (llmfi_jw_in_object(w) ? !w->keyed : !w->depth && w->comma)) {
        w->bad = true;
        return false;
    }
    if (w->comma && !w->keyed) LLMFI_PUT(w->out, ",");
    w->keyed = false;
    w->comma = true;
    return true;
}

static void llmfi_jw_open(llmfi_jw *w, bool object) {
    uint64_t bit = UINT64_C(1) << (w->depth % 64);
    if (w->depth == LLMF_MAX_DEPTH) w->bad = true;
    if (!llmfi_jw_value(w)) return;
    if (object) w->objects[w->depth / 64] |= bit;
    else w->objects[w->depth / 64] &= ~bit;
    w->depth++;
    w->comma = false;
    llmfi_put_char(w->out, object ? '{' : '[');
}

static void llmfi_jw_close(llmfi_jw *w, bool object) {
    if (!w->depth || w->text || w->keyed || llmfi_jw_in_object(w) != object) w->bad = true;
    if (w->bad) return;
    w->depth--;
    w->comma = true;
    llmfi_put_char(w->out, object ? '}' : ']');
}

LLMFI_UNUSED static void llmfi_jw_object(llmfi_jw *w) {
    llmfi_jw_open(w, true);
}

LLMFI_UNUSED static void llmfi_jw_object_end(llmfi_jw *w) {
    llmfi_jw_close(w, true);
}

LLMFI_UNUSED static void llmfi_jw_array(llmfi_jw *w) {
    llmfi_jw_open(w, false);
}

LLMFI_UNUSED static void llmfi_jw_array_end(llmfi_jw *w) {
    llmfi_jw_close(w, false);
}

/* False when no key may stand here. */
static bool llmfi_jw_may_key(llmfi_jw *w) {
    if (!llmfi_jw_in_object(w) || w->keyed || w->text) w->bad = true;
    return !w->bad;
}

/* `quoted` is ,"key": of which the comma is left off in front. */
LLMFI_UNUSED static void llmfi_jw_key_quoted(llmfi_jw *w, const char *quoted, size_t len) {
    size_t from = !w->comma;
    if (!llmfi_jw_may_key(w)) return;
    llmfi_put(w->out, quoted + from, len - from);
    w->keyed = w->comma = true;
}

/* A key that is a literal without anything to escape. */
#define llmfi_jw_key(w, lit) llmfi_jw_key_quoted((w), ",\"" lit "\":", sizeof(",\"" lit "\":") - 1)

/* Writes text escaped and cleaned, without quotes; a character cut at its end waits in `u`. */
static void llmfi_jw_escape(llmfi_out *o, llmfi_utf8 *u, llmf_str s) {
    static const char hex[] = "0123456789abcdef";
    const char *p = s.ptr, *end = s.ptr + s.len, *stop;
    while (p < end) {
        uint64_t wide = 0;
        unsigned char c;
        char text[6];
        stop = llmfi_json_scan(p, end, &wide);
        if (wide || u->count) {
            llmfi_utf8_feed(u, llmfi_range(p, stop), o);
            if (stop < end) llmfi_utf8_end(u, o);
        } else {
            llmfi_put(o, p, (size_t)(stop - p));
        }
        if (stop == end) return;
        c = (unsigned char)*stop;
        p = stop + 1;
        memcpy(text, "\\u00", 4);
        text[1] = (char)(c >= 0x20 ? c : c == '\n' ? 'n' : c == '\t' ? 't' : c == '\r' ? 'r' : c == '\b' ? 'b' : c == '\f' ? 'f' : 'u');
        text[4] = hex[c >> 4];
        text[5] = hex[c & 15];
        llmfi_put(o, text, text[1] == 'u' ? 6 : 2);
    }
}

/* Text without anything to escape or to check goes into the window as it is. False: nothing was written. */
static bool llmfi_jw_quoted_plain(llmfi_out *o, llmf_str s) {
    uint64_t wide = 0;
    char *to = o->ptr ? o->ptr + o->len : NULL;
    if (o->tap || o->skip || !o->ptr || s.len > (size_t)-1 / 4 || s.len + 2 >= o->cap - o->len) return false;
    if (llmfi_json_scan(s.ptr, s.ptr + s.len, &wide) != s.ptr + s.len || wide) return false;
    to[0] = '"';
    if (s.len) memcpy(to + 1, s.ptr, s.len);
    to[s.len + 1] = '"';
    o->len += s.len + 2;
    o->total += s.len + 2;
    return true;
}

static void llmfi_jw_quoted(llmfi_jw *w, llmf_str s) {
    llmfi_utf8 u;
    if (llmfi_jw_quoted_plain(w->out, s)) return;
    memset(&u, 0, sizeof u);
    LLMFI_PUT(w->out, "\"");
    llmfi_jw_escape(w->out, &u, s);
    llmfi_utf8_end(&u, w->out);
    LLMFI_PUT(w->out, "\"");
}

/* Any key. */
LLMFI_UNUSED static void llmfi_jw_key_str(llmfi_jw *w, llmf_str key) {
    if (!llmfi_jw_may_key(w)) return;
    if (w->comma) LLMFI_PUT(w->out, ",");
    llmfi_jw_quoted(w, key);
    LLMFI_PUT(w->out, ":");
    w->keyed = w->comma = true;
}

/* A string; bad UTF-8 becomes U+FFFD. */
LLMFI_UNUSED static void llmfi_jw_str(llmfi_jw *w, llmf_str s) {
    if (llmfi_jw_value(w)) llmfi_jw_quoted(w, s);
}

/* A string that is a literal without anything to escape: the macro's quotes go around it. */
LLMFI_UNUSED static void llmfi_jw_lit_quoted(llmfi_jw *w, const char *quoted, size_t len) {
    if (llmfi_jw_value(w)) llmfi_put(w->out, quoted, len);
}
#define llmfi_jw_lit(w, lit) llmfi_jw_lit_quoted((w), "\"" lit "\"", sizeof("\"" lit "\"") - 1)

/* A string in pieces, cut anywhere. */
LLMFI_UNUSED static void llmfi_jw_str_begin(llmfi_jw *w) {
    if (!llmfi_jw_value(w)) return;
    w->text = true;
    memset(&w->utf8, 0, sizeof w->utf8);
    LLMFI_PUT(w->out, "\"");
}

LLMFI_UNUSED static void llmfi_jw_str_piece(llmfi_jw *w, llmf_str piece) {
    if (!w->text) w->bad = true;
    if (!w->bad) llmfi_jw_escape(w->out, &w->utf8, piece);
}

LLMFI_UNUSED static void llmfi_jw_str_end(llmfi_jw *w) {
    if (!w->text) w->bad = true;
    if (w->bad) return;
    w->text = false;
    llmfi_utf8_end(&w->utf8, w->out);
    LLMFI_PUT(w->out, "\"");
}

/* A string of `prefix`, then `len` bytes of data as base64. */
LLMFI_UNUSED static void llmfi_jw_base64_string(llmfi_jw *w, llmf_str prefix, const void *data, size_t len) {
    llmfi_jw_str_begin(w);
    llmfi_jw_str_piece(w, prefix);
    if (!w->bad) {
        llmfi_utf8_end(&w->utf8, w->out);
        llmfi_put_base64(w->out, data, len);
    }
    llmfi_jw_str_end(w);
}

LLMFI_UNUSED static void llmfi_jw_int(llmfi_jw *w, int64_t value) {
    if (llmfi_jw_value(w)) llmfi_put_int(w->out, value);
}

/* An infinity or NaN, which JSON cannot say, is misuse. */
LLMFI_UNUSED static void llmfi_jw_double(llmfi_jw *w, double value) {
    char text[LLMFI_DOUBLE_TEXT];
    size_t len = llmfi_print_double(text, value);
    if (!len) w->bad = true;
    if (llmfi_jw_value(w)) llmfi_put(w->out, text, len);
}

LLMFI_UNUSED static void llmfi_jw_bool(llmfi_jw *w, bool value) {
    if (llmfi_jw_value(w)) llmfi_put_str(w->out, value ? LLMFI_LIT("true") : LLMFI_LIT("false"));
}

LLMFI_UNUSED static void llmfi_jw_null(llmfi_jw *w) {
    if (llmfi_jw_value(w)) LLMFI_PUT(w->out, "null");
}

/* One value as it stands: only text that llmfi_json_valid has passed, or that this writer made. */
LLMFI_UNUSED static void llmfi_jw_raw(llmfi_jw *w, llmf_str json) {
    if (!json.len) w->bad = true;
    if (llmfi_jw_value(w)) llmfi_put_str(w->out, json);
}

/* Members of an object, key and value at once; the key is a literal. */
#define llmfi_jw_member_str(w, lit, s) (llmfi_jw_key((w), lit), llmfi_jw_str((w), (s)))
#define llmfi_jw_member_lit(w, lit, text) (llmfi_jw_key((w), lit), llmfi_jw_lit((w), text))
#define llmfi_jw_member_int(w, lit, value) (llmfi_jw_key((w), lit), llmfi_jw_int((w), (value)))
#define llmfi_jw_member_bool(w, lit, value) (llmfi_jw_key((w), lit), llmfi_jw_bool((w), (value)))
#define llmfi_jw_member_double(w, lit, value) (llmfi_jw_key((w), lit), llmfi_jw_double((w), (value)))
#define llmfi_jw_member_raw(w, lit, json) (llmfi_jw_key((w), lit), llmfi_jw_raw((w), (json)))

#endif
/* The tree that the JSON reader and the YAML reader both build, in an arena: config files, tool arguments, schemas.
   Replies never pass through it. */
#ifndef LLMFI_BASE_NODE_H
#define LLMFI_BASE_NODE_H

enum { LLMFI_NULL, LLMFI_FALSE, LLMFI_TRUE, LLMFI_NUMBER, LLMFI_STRING, LLMFI_ARRAY, LLMFI_OBJECT };

typedef struct llmfi_node {
    int type;
    uint32_t line, column;                   /* of its first byte, from 1; column counts bytes */
    uint32_t key_line, key_column;           /* of its key, where it has one */
    uint32_t count;                          /* children */
    llmf_str key;                            /* in an object: decoded; else ptr NULL */
    llmf_str text;                           /* string: decoded, NUL behind it; number: as it was written */
    struct llmfi_node *child, *next;         /* first child; next one of the same parent */
} llmfi_node;

/* What a reader says of bad input: the place, and a text of its own (static storage). */
typedef struct llmfi_parse_error {
    size_t offset;                           /* byte, from 0 */
    uint32_t line, column;                   /* from 1 */
    bool memory;                             /* the arena refused: not the input's fault */
    const char *what;                        /* NULL: no error */
} llmfi_parse_error;

/* The member named `key`, or NULL. */
LLMFI_UNUSED static const llmfi_node *llmfi_member(const llmfi_node *object, llmf_str key) {
    const llmfi_node *n = object && object->type == LLMFI_OBJECT ? object->child : NULL;
    while (n && !llmfi_eq(n->key, key)) n = n->next;
    return n;
}

/* Line and column, from 1, of byte `offset`. */
LLMFI_UNUSED static void llmfi_place(llmf_str text, size_t offset, uint32_t *line, uint32_t *column) {
    size_t i;
    *line = *column = 1;
    for (i = 0; i < offset && i < text.len; i++) {
        if (text.ptr[i] == '\n' || (text.ptr[i] == '\r' && !(i + 1 < text.len && text.ptr[i + 1] == '\n'))) {
            ++*line;
            *column = 1;
        } else {
            ++*column;
        }
    }
}

#endif

/* True when `text` is one complete JSON value in valid UTF-8 (a lone surrogate written as an escape is valid JSON). */
LLMFI_UNUSED static bool llmfi_json_valid(llmf_str text) {
    llmfi_json j;
    int token;
    if (!llmfi_utf8_valid(text, NULL)) return false;
    llmfi_json_init(&j, text, true);
    while ((token = llmfi_json_next(&j)) > 0 && token != LLMFI_J_END) continue;
    return token == LLMFI_J_END;
}

/* ---- building ---- */

typedef struct llmfi_json_builder {
    llmfi_json j;
    llmfi_arena *arena;
    llmfi_parse_error *error;
    const char *begin, *seen;                /* the text; how far lines have been counted */
    uint32_t line, column;                   /* of `seen` */
    bool unique_keys;
    llmf_str key;                            /* of the value to come */
    uint32_t key_line, key_column;
    llmfi_node *root;
    llmfi_node *open[LLMF_MAX_DEPTH];        /* arrays and objects around the next value */
    llmfi_node **link[LLMF_MAX_DEPTH + 1];   /* where the next value of each is to be hung; [0] is the root */
} llmfi_json_builder;

/* Counts lines and columns on to `at`, as llmfi_place does. */
static void llmfi_json_count(llmfi_json_builder *b, const char *at) {
    for (; b->seen < at; b->seen++) {
        if (*b->seen == '\n' || (*b->seen == '\r' && !(b->seen + 1 < b->j.end && b->seen[1] == '\n'))) {
            b->line++;
            b->column = 1;
        } else {
            b->column++;
        }
    }
}

static llmfi_node *llmfi_json_refuse(llmfi_json_builder *b, size_t offset, const char *what) {
    b->error->what = what;
    b->error->offset = offset;
    llmfi_place(llmfi_range(b->begin, b->j.end), offset, &b->error->line, &b->error->column);
    return NULL;
}

static llmfi_node *llmfi_json_no_memory(llmfi_json_builder *b) {
    b->error->memory = true;
    return llmfi_json_refuse(b, (size_t)(b->j.at - b->begin), "out of memory");
}

/* The current KEY or STRING, checked and decoded. False: refused. */
static bool llmfi_json_take_text(llmfi_json_builder *b, llmf_str *text) {
    size_t bad = 0;
    if (!llmfi_json_strict(&b->j, &bad)) {
        const char *at = b->j.text.ptr + bad;
        llmfi_json_refuse(b, (size_t)(at - b->begin), *at == '\\' ? "half of a surrogate pair" : "invalid UTF-8");
        return false;
    }
    *text = llmfi_json_copy(&b->j, b->arena);
    if (b->arena->failed) llmfi_json_no_memory(b);
    return !b->arena->failed;
}

/* A node for the current token, which began at `at`, in its place in the tree. */
static llmfi_node *llmfi_json_hang(llmfi_json_builder *b, const char *at) {
    static const uint8_t types[] = { 0, LLMFI_NULL, LLMFI_FALSE, LLMFI_TRUE, LLMFI_NUMBER, LLMFI_STRING, 0, LLMFI_OBJECT, 0, LLMFI_ARRAY };
    llmfi_node *n = (llmfi_node *)llmfi_arena_alloc(b->arena, sizeof *n);
    uint32_t depth = b->j.depth - (b->j.token == LLMFI_J_OBJECT || b->j.token == LLMFI_J_ARRAY);
    if (!n) return llmfi_json_no_memory(b);
    llmfi_json_count(b, at);
    n->type = types[b->j.token];
    n->line = b->line;
    n->column = b->column;
    if (depth && b->open[depth - 1]->type == LLMFI_OBJECT) {
        n->key = b->key;
        n->key_line = b->key_line;
        n->key_column = b->key_column;
    }
    if (depth) b->open[depth - 1]->count++;
    *b->link[depth] = n;
    b->link[depth] = &n->next;
    if (b->j.depth > depth) {
        b->open[depth] = n;
        b->link[depth + 1] = &n->child;
    }
    return n;
}

static bool llmfi_json_take_value(llmfi_json_builder *b, const char *at) {
    llmfi_node *n = llmfi_json_hang(b, at);
    if (!n) return false;
    if (b->j.token == LLMFI_J_STRING) return llmfi_json_take_text(b, &n->text);
    if (b->j.token != LLMFI_J_NUMBER) return true;
    n->text = llmfi_arena_copy(b->arena, b->j.text);
    if (b->arena->failed) llmfi_json_no_memory(b);
    return !b->arena->failed;
}

static bool llmfi_json_take_key(llmfi_json_builder *b) {
    llmfi_json_count(b, b->j.text.ptr - 1);
    b->key_line = b->line;
    b->key_column = b->column;
    return llmfi_json_take_text(b, &b->key);
}

/* The second of two members with the same key, or NULL. `table` has `size` places, a power of two and more than there are members. */
static const llmfi_node *llmfi_node_twice(const llmfi_node *object, const llmfi_node **table, size_t size) {
    const llmfi_node *n;
    for (n = object->child; n; n = n->next) {
        uint32_t hash = 2166136261u; /* FNV-1a */
        size_t i;
        for (i = 0; i < n->key.len; i++) hash = (hash ^ (unsigned char)n->key.ptr[i]) * 16777619u;
        for (i = hash & (size - 1); table[i]; i = (i + 1) & (size - 1))
            if (llmfi_eq(table[i]->key, n->key)) return n;
        table[i] = n;
    }
    return NULL;
}

/* Refuses a key that stands twice in the object that has just ended. */
static bool llmfi_json_check_keys(llmfi_json_builder *b, const llmfi_node *object) {
    const llmfi_node *few[16], **table = few, *twice;
    size_t size = LLMFI_COUNT(few);
    if (object->count < size / 2) {
        memset(few, 0, sizeof few);
    } else {
        while (size / 2 < object->count) size *= 2;
        table = (const llmfi_node **)llmfi_arena_array(b->arena, size, sizeof *table);
        if (!table) return llmfi_json_no_memory(b) != NULL;
    }
    twice = llmfi_node_twice(object, table, size);
    if (!twice) return true;
    b->seen = b->begin; /* the node knows line and column only: look for the byte again */
    b->line = b->column = 1;
    while (b->line != twice->key_line || b->column != twice->key_column) llmfi_json_count(b, b->seen + 1);
    llmfi_json_refuse(b, (size_t)(b->seen - b->begin), "this key stands here twice");
    return false;
}

/* One step: takes the token that was just read and began at `at`. */
static bool llmfi_json_take(llmfi_json_builder *b, const char *at) {
    switch (b->j.token) {
    case LLMFI_J_KEY: return llmfi_json_take_key(b);
    case LLMFI_J_OBJECT_END: return !b->unique_keys || llmfi_json_check_keys(b, b->open[b->j.depth]);
    case LLMFI_J_ARRAY_END: return true;
    default: return llmfi_json_take_value(b, at);
    }
}

/* The tree of `text`, in the arena, which keeps nothing of `text` itself; NULL: *error tells (what it took of the arena stays
   taken). With `unique_keys` a key that stands twice in one object is an error, else each of them is a member. */
LLMFI_UNUSED static llmfi_node *llmfi_json_parse(llmfi_arena *arena, llmf_str text, llmfi_parse_error *error, bool unique_keys) {
    llmfi_json_builder b;
    memset(error, 0, sizeof *error);
    memset(&b, 0, sizeof b);
    b.arena = arena;
    b.error = error;
    b.begin = b.seen = text.ptr;
    b.line = b.column = 1;
    b.unique_keys = unique_keys;
    b.link[0] = &b.root;
    llmfi_json_init(&b.j, text, true);
    for (;;) {
        const char *at;
        int token = llmfi_json_next(&b.j);
        if (token == LLMFI_J_END) return b.root;
        if (token < 0) return llmfi_json_refuse(&b, (size_t)b.j.error_offset, b.j.error);
        at = token == LLMFI_J_STRING ? b.j.text.ptr - 1 : token <= LLMFI_J_NUMBER ? b.j.text.ptr : b.j.at - 1;
        if (!llmfi_json_take(&b, at)) return NULL;
    }
}

/* ---- writing ---- */

/* A number as it is written, if JSON writes it so too (YAML has other spellings); else its value. */
static void llmfi_jw_number(llmfi_jw *w, llmf_str text) {
    llmfi_json j;
    double value = 0;
    llmfi_json_init(&j, text, true);
    if (llmfi_json_next(&j) == LLMFI_J_NUMBER && j.text.len == text.len) llmfi_jw_raw(w, text);
    else if (llmfi_parse_double(text, &value)) llmfi_jw_double(w, value);
    else w->bad = true;
}

static void llmfi_node_write_one(llmfi_jw *w, const llmfi_node *n) {
    switch (n->type) {
    case LLMFI_FALSE: case LLMFI_TRUE: llmfi_jw_bool(w, n->type == LLMFI_TRUE); break;
    case LLMFI_NUMBER: llmfi_jw_number(w, n->text); break;
    case LLMFI_STRING: llmfi_jw_str(w, n->text); break;
    case LLMFI_ARRAY: llmfi_jw_array(w); break;
    case LLMFI_OBJECT: llmfi_jw_object(w); break;
    default: llmfi_jw_null(w); break;
    }
}

static void llmfi_node_close(llmfi_jw *w, const llmfi_node *n) {
    if (n->type == LLMFI_OBJECT) llmfi_jw_object_end(w);
    else llmfi_jw_array_end(w);
}

/* Writes the tree as one value, without its own key. Deeper than LLMF_MAX_DEPTH sets w->bad. */
LLMFI_UNUSED static void llmfi_node_write(llmfi_jw *w, const llmfi_node *root) {
    const llmfi_node *open[LLMF_MAX_DEPTH], *n = root;
    uint32_t depth = 0;
    while (!w->bad) {
        if (depth && n->key.ptr) llmfi_jw_key_str(w, n->key);
        llmfi_node_write_one(w, n);
        if (n->type >= LLMFI_ARRAY) {
            if (n->child && depth < LLMF_MAX_DEPTH) {
                open[depth++] = n;
                n = n->child;
                continue;
            }
            if (n->child) w->bad = true;
            llmfi_node_close(w, n);
        }
        while (depth && !n->next) {
            n = open[--depth];
            llmfi_node_close(w, n);
        }
        if (!depth) return;
        n = n->next;
    }
}

#endif
/* What an adapter is: one wire dialect as pure functions, request -> bytes, bytes -> events. No I/O, no clock, no allocation but through the
   reply. An adapter sees one request whose defaults are already filled in, and the settings of its model; it tells what came by the
   llmfi_reply_… functions of reply.h. Facts about hosts are columns of models.def (quirks), never `if (provider is …)`. */
#ifndef LLMFI_PROVIDERS_ADAPTER_H
#define LLMFI_PROVIDERS_ADAPTER_H
/* What has come of a reply: the one place where adapters put text, reasoning, tool calls, usage and errors, and from where the engine takes events.
   Shared by all dialects, so the rules that hold everywhere (empty arguments are {}, ids are made where there are none, finish words, sums) are here once.

   The engine:   init, set streamed, discard, status, tail; a frame at a time to the adapter; next, next … ; at the end of the bytes end, next …, result; free.
   The adapter:  mark at the start of a frame; text, reasoning, tool_…, finish, citation, fail as things come; bad_frame where the frame is not JSON;
                 r->usage, r->total_tokens, r->terminal it sets itself. After an error nothing more is taken. */
#ifndef LLMFI_PROVIDERS_REPLY_H
#define LLMFI_PROVIDERS_REPLY_H
/* Sentences put together in a fixed buffer: for errors and log lines. Always ends with NUL; what does not fit is cut, never at the middle of a character. */
#ifndef LLMFI_BASE_TEXT_H
#define LLMFI_BASE_TEXT_H

typedef struct llmfi_text {
    char *ptr;
    size_t cap, len;
} llmfi_text;

LLMFI_UNUSED static llmfi_text llmfi_text_in(char *buffer, size_t cap) {
    llmfi_text t;
    t.ptr = buffer;
    t.cap = cap;
    t.len = 0;
    if (cap) buffer[0] = '\0';
    return t;
}

LLMFI_UNUSED static void llmfi_say(llmfi_text *t, llmf_str s) {
    size_t room = t->cap > t->len ? t->cap - t->len - 1 : 0, n = s.len < room ? s.len : room;
    while (n < s.len && n && ((unsigned char)s.ptr[n] & 0xC0) == 0x80) n--;
    if (n) memcpy(t->ptr + t->len, s.ptr, n);
    t->len += n;
    if (t->cap) t->ptr[t->len] = '\0';
    if (n < s.len) t->cap = t->len + 1; /* nothing follows what was cut */
}

LLMFI_UNUSED static void llmfi_say_c(llmfi_text *t, const char *s) {
    llmfi_say(t, llmfi_cstr(s));
}

/* Words between things that are named. Without STRINGS a blank stands for them. */
#if LLMF_HAS_STRINGS
#define LLMFI_SAY(t, lit) llmfi_say((t), LLMFI_LIT(lit))
#else
#define LLMFI_SAY(t, lit) llmfi_say_gap(t)
LLMFI_UNUSED static void llmfi_say_gap(llmfi_text *t) {
    if (t->len && t->ptr[t->len - 1] != ' ') llmfi_say_c(t, " ");
}
#endif

LLMFI_UNUSED static void llmfi_say_int(llmfi_text *t, int64_t v) {
    char digits[24];
    size_t at = sizeof digits;
    uint64_t u = v < 0 ? (uint64_t)0 - (uint64_t)v : (uint64_t)v;
    do digits[--at] = (char)('0' + u % 10);
    while ((u /= 10) != 0);
    if (v < 0) digits[--at] = '-';
    llmfi_say(t, llmfi_str(digits + at, sizeof digits - at));
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
    llmfi_say_gap(&t);
#endif
    return t;
}

/* Begins an error: go on with LLMFI_SAY. */
LLMFI_UNUSED static LLMFI_COLD llmfi_text llmfi_error_begin(llmf_error *e, int code) {
    llmfi_error_clear(e);
    e->code = code;
    return llmfi_error_text(e);
}

LLMFI_UNUSED static LLMFI_COLD bool llmfi_error_set(llmf_error *e, int code, const char *text) {
    llmfi_text t = llmfi_error_begin(e, code);
    llmfi_say_c(&t, text);
    return false;
}

LLMFI_UNUSED static LLMFI_COLD bool llmfi_error_memory(llmf_error *e) {
    return llmfi_error_set(e, LLMF_ERR_MEMORY, LLMFI_WORDS("the memory block is used up: raise llmf_desc.memory_size"));
}

/* What a build option has left out; `option` as in LLMF_NO_<option>. */
LLMFI_UNUSED static LLMFI_COLD bool llmfi_error_left_out(llmf_error *e, const char *what, const char *option) {
    llmfi_text t = llmfi_error_begin(e, LLMF_ERR_NOT_BUILT);
    llmfi_say_c(&t, what);
    LLMFI_SAY(&t, ": left out of this build: build without LLMF_NO_");
    llmfi_say_c(&t, option);
    LLMFI_SAY(&t, ", or, with LLMF_ONLY, add LLMF_WITH_");
#if LLMF_HAS_STRINGS
    llmfi_say_c(&t, option);
    llmfi_say_c(&t, "=1");
#endif
    return false;
}

/* The words are dropped where they stand. */
#if !LLMF_HAS_STRINGS
#define llmfi_error_set(e, code, text) llmfi_error_set((e), (code), "")
#endif

#endif

/* Tool calls in one reply. */
#ifndef LLMF_MAX_TOOL_CALLS
#define LLMF_MAX_TOOL_CALLS 128
#endif
/* Sources cited in one reply; what comes beyond is not kept. */
#ifndef LLMF_MAX_CITATIONS
#define LLMF_MAX_CITATIONS 1024
#endif
/* Bytes of an emptied text buffer (LLMF_DISCARD_TEXT) above which it goes back to the heap. */
#ifndef LLMF_REPLY_KEEP
#define LLMF_REPLY_KEEP 4096
#endif

typedef struct llmfi_tool_state {
    llmf_str id, name;                       /* in the call's arena */
    llmfi_buf args;
    int64_t key;                             /* the provider's index; -1: it gave none */
    bool started, ended;                     /* its TOOL_START, TOOL_CALL are in the queue or taken */
    bool made;                               /* the id is ours: one that comes late replaces it */
    bool empty, invalid;                     /* of an ended one: the arguments are {}; are no JSON */
} llmfi_tool_state;

/* An event waiting to be taken. Its type and index say in which buffer its text is; resolved when it is handed out. */
typedef struct llmfi_queued {
    int type, index;
    size_t at, len;                          /* at: counted from the first byte that the buffer ever held */
} llmfi_queued;

/* The dialects' own memory between frames: plain data, zero at the start. */
typedef struct llmfi_dialect_state {
    int64_t number[8];
    llmfi_buf buf[2];                        /* made ready by the reply, freed with it */
    llmfi_buf front, rest;                   /* how the frames of this stream begin and end, and where the reader stands behind the front: see openai.h */
    llmfi_json behind;
} llmfi_dialect_state;

/* What a frame may have changed besides what its events tell. */
typedef struct llmfi_reply_point {
    size_t queued, tools, state, citations, buf[2];
    int64_t number[8];
    llmf_str model_used, finish_raw;
    llmf_usage usage;
    int64_t total_tokens, audio_tokens;
    bool terminal, content, refused, blocked;
} llmfi_reply_point;

struct llmf_reply {
    /* set by the engine */
    llmfi_heap *heap;
    llmfi_arena *arena;                      /* lives with the call: ids, names, citations */
    llmf_str provider;                       /* for sentences; lives as long as the reply */
    llmf_str key;                            /* the secret of this call: a server that says it back is not quoted. Empty: none. Lives as long as the reply */
    const void *user;                        /* the adapter's: the settings of the model that was asked (llmfi_settings) */
    bool streamed, discard;                  /* the reply is a stream; text is not kept */
    bool tail;                               /* the frame to come is what was there when the bytes ended: a whole body, or an event or line without its end */
    int status;                              /* HTTP */
    size_t limit;                            /* bytes of text, of reasoning, of one call's arguments …; 0: the heap's */
    /* filled by adapters through the functions below */
    llmfi_buf text, reasoning, refusal, state, tools /* of llmfi_tool_state */, queue /* of llmfi_queued */, citations /* of llmf_citation */;
    llmf_str model_used, request_id, finish_raw; /* in the arena */
    llmf_usage usage;
    int64_t total_tokens, audio_tokens;      /* as the provider counted, for RULES 20; LLMF_UNKNOWN */
    bool chat_counts;                        /* the usage is one of Chat Completions: RULES 20 holds */
    bool terminal;                           /* RULES 24: the reply is whole */
    bool content;                            /* text, reasoning or a tool call has come */
    bool refused;                            /* refusal text has come */
    bool blocked;                            /* the provider would not take the prompt */
    bool settled;                            /* llmfi_reply_settle was here */
    llmf_error error;                        /* code LLMF_OK: none. The first one stays */
    llmfi_dialect_state dialect;
    /* filled by llmfi_reply_settle */
    int finish;                              /* LLMF_FINISH_… */
    int lent;                                /* whose bytes the last event handed out: 0 text, 1 reasoning, 2 refusal, 3 + i a call; -1: nobody's */
    const llmf_tool_call *calls;             /* in the arena, arguments in their buffers */
    size_t call_count;
    /* its own */
    llmfi_arena scratch;                     /* decoded keys and words of this frame */
    size_t queue_head, dropped[3];           /* taken events still in the queue; bytes dropped from the front of text, reasoning, refusal */
    void *retired;                           /* where they were before their buffer had to move */
    llmf_tool_call view;                     /* of the last tool event */
    llmfi_reply_point point;
};
typedef struct llmf_reply llmfi_reply;

static llmf_str llmfi_reply_keep(llmfi_reply *r, llmf_str text);

/* ---- life ---- */

/* provider and user: see the struct; both stay the caller's. */
LLMFI_UNUSED static void llmfi_reply_init(llmfi_reply *r, llmfi_heap *heap, llmfi_arena *arena, llmf_str provider, const void *user) {
    llmfi_buf *all[11];
    size_t i;
    memset(r, 0, sizeof *r);
    r->heap = heap;
    r->arena = arena;
    r->provider = provider;
    r->user = user;
    all[0] = &r->text, all[1] = &r->reasoning, all[2] = &r->refusal, all[3] = &r->state, all[4] = &r->tools, all[5] = &r->queue;
    all[6] = &r->citations, all[7] = &r->dialect.buf[0], all[8] = &r->dialect.buf[1], all[9] = &r->dialect.front, all[10] = &r->dialect.rest;
    for (i = 0; i < LLMFI_COUNT(all); i++) llmfi_buf_init(all[i], heap, 0);
    llmfi_arena_init(&r->scratch, heap, 0);
    r->usage.input = r->usage.cache_read = r->usage.cache_write = r->usage.output = r->usage.reasoning = LLMF_UNKNOWN;
    r->total_tokens = r->audio_tokens = LLMF_UNKNOWN;
    r->error.retry_after_ms = -1;
    r->error.message = llmfi_str("", 0);
    r->model_used = r->request_id = r->finish_raw = llmfi_str("", 0);
    r->lent = -1;
}

LLMFI_UNUSED static llmfi_tool_state *llmfi_reply_tool(const llmfi_reply *r, int at) {
    return (llmfi_tool_state *)(void *)r->tools.ptr + at;
}

LLMFI_UNUSED static int llmfi_reply_tool_count(const llmfi_reply *r) {
    return (int)(r->tools.len / sizeof(llmfi_tool_state));
}

/* Everything goes back to the heap; what was kept in the arena stays the arena's. */
LLMFI_UNUSED static void llmfi_reply_free(llmfi_reply *r) {
    int i;
    for (i = 0; i < llmfi_reply_tool_count(r); i++) llmfi_buf_free(&llmfi_reply_tool(r, i)->args);
    llmfi_buf_free(&r->text);
    llmfi_buf_free(&r->reasoning);
    llmfi_buf_free(&r->refusal);
    llmfi_buf_free(&r->state);
    llmfi_buf_free(&r->tools);
    llmfi_buf_free(&r->queue);
    llmfi_buf_free(&r->citations);
    llmfi_buf_free(&r->dialect.buf[0]);
    llmfi_buf_free(&r->dialect.buf[1]);
    llmfi_buf_free(&r->dialect.front);
    llmfi_buf_free(&r->dialect.rest);
    llmfi_arena_free(&r->scratch);
    llmfi_heap_free(r->heap, r->retired);
    r->retired = NULL;
    r->lent = -1;
    r->queue_head = 0;
    r->calls = NULL;
    r->call_count = 0;
}

/* ---- errors ---- */

/* Ends the reply in an error; the first one stays. text: a sentence that says what to do. */
LLMFI_UNUSED static void llmfi_reply_fail(llmfi_reply *r, int code, const char *text) {
    llmfi_text t;
    if (r->error.code != LLMF_OK) return;
    t = llmfi_text_in(r->error.text, sizeof r->error.text);
    r->error.code = code;
    r->error.http_status = r->status;
    llmfi_say_c(&t, text);
}

static void llmfi_reply_no_memory(llmfi_reply *r) {
    llmfi_reply_fail(r, LLMF_ERR_MEMORY, "the reply does not fit into the factory's memory: raise llmf_desc.memory_size, or ask for less");
}

static void llmfi_reply_too_long(llmfi_reply *r) {
    llmfi_reply_fail(r, LLMF_ERR_LIMIT, "the reply is longer than llmf_desc.max_response allows: raise it, or ask for less");
}

/* A copy that lives with the call, with a NUL behind it. Empty when memory ran out: then the reply has its error. */
static llmf_str llmfi_reply_keep(llmfi_reply *r, llmf_str text) {
    llmf_str kept;
    if (!text.len) return llmfi_str("", 0);
    kept = llmfi_arena_copy(r->arena, text);
    if (kept.len != text.len) llmfi_reply_no_memory(r);
    return kept;
}

/* ---- buffers and the queue ---- */

/* Room did not do: grows the buffer. What an event has handed out stays where it is until the next one is taken. */
static bool llmfi_reply_grow(llmfi_reply *r, int who, llmfi_buf *b, size_t more) {
    void *to;
    if (more > (size_t)-1 / 8 || (r->limit && (b->len > r->limit || more > r->limit - b->len))) {
        llmfi_reply_too_long(r);
        return false;
    }
    if (r->lent != who || !b->ptr || llmfi_heap_grow(r->heap, b->ptr, b->len + more + 1)) {
        if (llmfi_buf_reserve(b, more + 1)) {
            b->cap = llmfi_heap_size(r->heap, b->ptr);
            return true;
        }
    } else if ((to = llmfi_heap_alloc(r->heap, b->len + more + 1)) != NULL) {
        memcpy(to, b->ptr, b->len);
        llmfi_heap_free(r->heap, r->retired);
        r->retired = b->ptr;
        r->lent = -1;
        b->ptr = (char *)to;
        b->cap = llmfi_heap_size(r->heap, to);
        return true;
    }
    llmfi_reply_no_memory(r);
    return false;
}

/* Room for `more` bytes and for the NUL that llmfi_reply_text_of puts behind them. */
static bool llmfi_reply_room(llmfi_reply *r, int who, llmfi_buf *b, size_t more) {
    if (r->limit && (b->len > r->limit || more > r->limit - b->len)) {
        llmfi_reply_too_long(r);
        return false;
    }
    return more < b->cap - b->len || llmfi_reply_grow(r, who, b, more);
}

static bool llmfi_reply_push(llmfi_reply *r, int type, int index, size_t at, size_t len) {
    llmfi_queued *q;
    if (r->queue.cap - r->queue.len < sizeof *q && !llmfi_buf_reserve(&r->queue, sizeof *q)) {
        llmfi_reply_no_memory(r);
        return false;
    }
    q = (llmfi_queued *)(void *)(r->queue.ptr + r->queue.len);
    q->type = type;
    q->index = index;
    q->at = at;
    q->len = len;
    r->queue.len += sizeof *q;
    return true;
}

/* How many events wait. */
LLMFI_UNUSED static size_t llmfi_reply_count(const llmfi_reply *r) {
    return r->queue.len / sizeof(llmfi_queued) - r->queue_head;
}

static llmfi_buf *llmfi_reply_buf(llmfi_reply *r, int type) {
    return type == LLMF_EVENT_TEXT ? &r->text : type == LLMF_EVENT_REASONING ? &r->reasoning : &r->refusal;
}

/* The buffer has taken `len` more bytes in its room: they count, and are an event. */
static void llmfi_reply_took(llmfi_reply *r, int type, llmfi_buf *b, size_t len) {
    if (!len || !llmfi_reply_push(r, type, 0, b->len + r->dropped[type - LLMF_EVENT_TEXT], len)) return;
    b->len += len;
    if (type == LLMF_EVENT_REFUSAL) r->refused = true;
    else r->content = true;
}

static void llmfi_reply_add(llmfi_reply *r, int type, llmf_str text) {
    llmfi_buf *b = llmfi_reply_buf(r, type);
    if (!text.len || r->error.code || !llmfi_reply_room(r, type - LLMF_EVENT_TEXT, b, text.len)) return;
    memcpy(b->ptr + b->len, text.ptr, text.len);
    llmfi_reply_took(r, type, b, text.len);
}

static void llmfi_reply_add_json(llmfi_reply *r, int type, const llmfi_json *j) {
    llmfi_buf *b = llmfi_reply_buf(r, type);
    if (llmfi_json_plain(j)) {
        llmfi_reply_add(r, type, j->text);
        return;
    }
    if (!r->error.code && llmfi_reply_room(r, type - LLMF_EVENT_TEXT, b, llmfi_json_text_max(j)))
        llmfi_reply_took(r, type, b, llmfi_json_decode(b->ptr + b->len, j->text));
}

/* ---- text ---- */

/* Valid UTF-8. Appends, and queues one event where it is not empty. */
LLMFI_UNUSED static void llmfi_reply_text(llmfi_reply *r, llmf_str text) {
    llmfi_reply_add(r, LLMF_EVENT_TEXT, text);
}
LLMFI_UNUSED static void llmfi_reply_reasoning(llmfi_reply *r, llmf_str text) {
    llmfi_reply_add(r, LLMF_EVENT_REASONING, text);
}
LLMFI_UNUSED static void llmfi_reply_refusal(llmfi_reply *r, llmf_str text) {
    llmfi_reply_add(r, LLMF_EVENT_REFUSAL, text);
}

/* The same with the STRING token that the reader stands at: decoded where it must be, straight to where it stays. */
LLMFI_UNUSED static void llmfi_reply_text_json(llmfi_reply *r, const llmfi_json *j) {
    llmfi_reply_add_json(r, LLMF_EVENT_TEXT, j);
}
LLMFI_UNUSED static void llmfi_reply_reasoning_json(llmfi_reply *r, const llmfi_json *j) {
    llmfi_reply_add_json(r, LLMF_EVENT_REASONING, j);
}
LLMFI_UNUSED static void llmfi_reply_refusal_json(llmfi_reply *r, const llmfi_json *j) {
    llmfi_reply_add_json(r, LLMF_EVENT_REFUSAL, j);
}

/* The decoded text of a STRING or KEY token: a view of the frame where that will do, else in scratch until the next frame; empty when memory
   ran out (the reply then has its error). */
LLMFI_UNUSED static llmf_str llmfi_reply_string(llmfi_reply *r, const llmfi_json *j) {
    llmf_str s;
    if (llmfi_json_plain(j)) return j->text;
    s = llmfi_json_copy(j, &r->scratch);
    if (r->scratch.failed) llmfi_reply_no_memory(r);
    return s;
}

/* A count of a NUMBER token: what is negative, no whole number or no number is LLMF_UNKNOWN. */
LLMFI_UNUSED static int64_t llmfi_reply_number(const llmfi_json *j) {
    int64_t n;
    if (j->token != LLMFI_J_NUMBER) return LLMF_UNKNOWN;
    return (llmfi_parse_int(j->text, &n) || llmfi_parse_whole(j->text, &n)) && n >= 0 ? n : LLMF_UNKNOWN;
}

/* RULES 19: a sum counts what is there; unknown only where both are. */
LLMFI_UNUSED static int64_t llmfi_reply_sum(int64_t a, int64_t b) {
    if (a < 0 || b < 0) return a < 0 ? (b < 0 ? LLMF_UNKNOWN : b) : a;
    return a > INT64_MAX - b ? INT64_MAX : a + b;
}

/* ---- frames ---- */

/* The start of a frame: where llmfi_reply_rollback goes back to. The scratch of the frame before is over. */
LLMFI_UNUSED static void llmfi_reply_mark(llmfi_reply *r) {
    llmfi_reply_point *p = &r->point;
    if (r->scratch.newest) llmfi_arena_free(&r->scratch);
    p->queued = r->queue.len / sizeof(llmfi_queued) - r->queue_head;
    p->tools = r->tools.len;
    p->state = r->state.len;
    p->citations = r->citations.len;
    p->buf[0] = r->dialect.buf[0].len;
    p->buf[1] = r->dialect.buf[1].len;
    memcpy(p->number, r->dialect.number, sizeof p->number);
    p->model_used = r->model_used;
    p->finish_raw = r->finish_raw;
    p->usage = r->usage;
    p->total_tokens = r->total_tokens;
    p->audio_tokens = r->audio_tokens;
    p->terminal = r->terminal;
    p->content = r->content;
    p->refused = r->refused;
    p->blocked = r->blocked;
}

/* Takes the newest event back, with what it tells of. A TOOL_DELTA right behind a TOOL_START of this frame tells of arguments that were there before, or of
   a call that goes altogether. */
static void llmfi_reply_unpush(llmfi_reply *r) {
    const llmfi_queued *q = (const llmfi_queued *)(const void *)(r->queue.ptr + r->queue.len) - 1;
    r->queue.len -= sizeof *q;
    if (q->type <= LLMF_EVENT_REFUSAL) llmfi_reply_buf(r, q->type)->len = q->at - r->dropped[q->type - LLMF_EVENT_TEXT];
    else if (q->type == LLMF_EVENT_TOOL_START) llmfi_reply_tool(r, q->index)->started = false;
    else if (q->type == LLMF_EVENT_TOOL_CALL) llmfi_reply_tool(r, q->index)->ended = false;
    else if (q->type == LLMF_EVENT_TOOL_DELTA && !(llmfi_reply_count(r) > r->point.queued && q[-1].type == LLMF_EVENT_TOOL_START))
        llmfi_reply_tool(r, q->index)->args.len = q->at;
}

/* As if the frame had not been there. (An id or name that it gave to a call of an earlier frame stays.) */
LLMFI_UNUSED static void llmfi_reply_rollback(llmfi_reply *r) {
    const llmfi_reply_point *p = &r->point;
    while (llmfi_reply_count(r) > p->queued) llmfi_reply_unpush(r);
    while (r->tools.len > p->tools) {
        llmfi_buf_free(&llmfi_reply_tool(r, llmfi_reply_tool_count(r) - 1)->args);
        r->tools.len -= sizeof(llmfi_tool_state);
    }
    r->state.len = p->state;
    r->citations.len = p->citations;
    r->dialect.buf[0].len = p->buf[0];
    r->dialect.buf[1].len = p->buf[1];
    memcpy(r->dialect.number, p->number, sizeof p->number);
    r->model_used = p->model_used;
    r->finish_raw = p->finish_raw;
    r->usage = p->usage;
    r->total_tokens = p->total_tokens;
    r->audio_tokens = p->audio_tokens;
    r->terminal = p->terminal;
    r->content = p->content;
    r->refused = p->refused;
    r->blocked = p->blocked;
}

/* The frame, whose reader ended in ERROR, is not JSON: nothing of it counts. Cut off by the end of the bytes it is no error of its own (RULES 25:
   llmfi_reply_end says truncated), else PROTOCOL. An error that the reply has already stays. */
LLMFI_UNUSED static void llmfi_reply_bad_frame(llmfi_reply *r, const llmfi_json *j, llmf_str frame) {
    llmfi_text t;
    if (r->error.code) return;
    llmfi_reply_rollback(r);
    if (r->tail && (r->streamed || j->error_offset >= frame.len)) return;
    llmfi_reply_fail(r, LLMF_ERR_PROTOCOL, "");
    t = llmfi_text_in(r->error.text, sizeof r->error.text);
    llmfi_say(&t, r->provider);
    LLMFI_SAY(&t, ": the reply is not JSON (byte ");
    llmfi_say_int(&t, (int64_t)(j->error_offset < INT64_MAX ? j->error_offset : INT64_MAX));
    LLMFI_SAY(&t, ": ");
    llmfi_say_c(&t, j->error);
    LLMFI_SAY(&t, "): is the base URL right?");
}

/* ---- tool calls ---- */

/* The newest call with that key of the provider, or -1. */
LLMFI_UNUSED static int llmfi_reply_tool_find(const llmfi_reply *r, int64_t key) {
    int i = llmfi_reply_tool_count(r);
    while (i-- > 0)
        if (llmfi_reply_tool(r, i)->key == key) return i;
    return -1;
}

static bool llmfi_reply_id_used(const llmfi_reply *r, llmf_str id) {
    int i;
    for (i = 0; i < llmfi_reply_tool_count(r); i++)
        if (llmfi_eq(llmfi_reply_tool(r, i)->id, id)) return true;
    return false;
}

/* Nine letters and digits, which is what Mistral asks of ids, unique in the reply. */
static void llmfi_reply_make_id(llmfi_reply *r, int at) {
    char id[] = "call00000";
    uint32_t n = (uint32_t)at;
    llmf_str s = llmfi_str(id, sizeof id - 1);
    do {
        uint32_t left = ++n;
        size_t i;
        for (i = s.len; i-- > 4; left /= 10) id[i] = (char)('0' + left % 10);
    } while (llmfi_reply_id_used(r, s)); /* ends: there are at most LLMF_MAX_TOOL_CALLS ids */
    s = llmfi_reply_keep(r, s);
    llmfi_reply_tool(r, at)->id = s;
    llmfi_reply_tool(r, at)->made = true;
}

/* Announces a call, and the arguments that came before its name. */
static void llmfi_reply_tool_start(llmfi_reply *r, int at) {
    llmfi_tool_state *t = llmfi_reply_tool(r, at);
    if (!t->id.len) llmfi_reply_make_id(r, at);
    if (r->error.code || !llmfi_reply_push(r, LLMF_EVENT_TOOL_START, at, 0, 0)) return;
    t->started = true;
    r->content = true;
    if (t->args.len) llmfi_reply_push(r, LLMF_EVENT_TOOL_DELTA, at, 0, t->args.len);
}

/* A call begins: gives its position (from 0), or -1 (the reply then has its error). key: the provider's index or -1. id and name are copied; they may be
   empty. TOOL_START is queued as soon as there is a name; an id is made where none came until then. */
LLMFI_UNUSED static int llmfi_reply_tool_begin(llmfi_reply *r, int64_t key, llmf_str id, llmf_str name) {
    int at = llmfi_reply_tool_count(r);
    llmfi_tool_state *t;
    if (r->error.code) return -1;
    if (at >= LLMF_MAX_TOOL_CALLS) {
        llmfi_reply_fail(r, LLMF_ERR_LIMIT, "the reply holds more tool calls than LLMF_MAX_TOOL_CALLS allows");
        return -1;
    }
    if (!llmfi_buf_reserve(&r->tools, sizeof *t)) {
        llmfi_reply_no_memory(r);
        return -1;
    }
    t = llmfi_reply_tool(r, at);
    memset(t, 0, sizeof *t);
    llmfi_buf_init(&t->args, r->heap, 0);
    t->key = key;
    t->id = llmfi_reply_keep(r, id);
    t->name = llmfi_reply_keep(r, name);
    if (r->error.code) return -1;
    r->tools.len += sizeof *t;
    if (name.len) llmfi_reply_tool_start(r, at);
    return r->error.code ? -1 : at;
}

/* For ids and names that come late: sets them where they are still empty, or made by us. */
LLMFI_UNUSED static void llmfi_reply_tool_name(llmfi_reply *r, int at, llmf_str id, llmf_str name) {
    llmfi_tool_state *t = llmfi_reply_tool(r, at);
    if (r->error.code) return;
    if (id.len && (!t->id.len || t->made)) {
        t->id = llmfi_reply_keep(r, id);
        t->made = false;
    }
    if (name.len && !t->name.len) t->name = llmfi_reply_keep(r, name);
    if (t->name.len && !t->started) llmfi_reply_tool_start(r, at);
}

/* The buffer of arguments has taken `len` more bytes in its room. */
static void llmfi_reply_args_took(llmfi_reply *r, int at, size_t len) {
    llmfi_tool_state *t = llmfi_reply_tool(r, at);
    if (t->started && len && !llmfi_reply_push(r, LLMF_EVENT_TOOL_DELTA, at, t->args.len, len)) return;
    t->args.len += len;
}

/* A piece of the arguments' JSON text, valid UTF-8. After the call's end it is dropped. */
LLMFI_UNUSED static void llmfi_reply_tool_args(llmfi_reply *r, int at, llmf_str fragment) {
    llmfi_buf *b = &llmfi_reply_tool(r, at)->args;
    if (!fragment.len || r->error.code || llmfi_reply_tool(r, at)->ended || !llmfi_reply_room(r, 3 + at, b, fragment.len)) return;
    memcpy(b->ptr + b->len, fragment.ptr, fragment.len);
    llmfi_reply_args_took(r, at, fragment.len);
}

/* The same with the STRING token that the reader stands at. */
LLMFI_UNUSED static void llmfi_reply_tool_args_json(llmfi_reply *r, int at, const llmfi_json *j) {
    llmfi_buf *b = &llmfi_reply_tool(r, at)->args;
    if (llmfi_json_plain(j)) {
        llmfi_reply_tool_args(r, at, j->text);
        return;
    }
    if (r->error.code || llmfi_reply_tool(r, at)->ended || !llmfi_reply_room(r, 3 + at, b, llmfi_json_text_max(j))) return;
    llmfi_reply_args_took(r, at, llmfi_json_decode(b->ptr + b->len, j->text));
}

/* One JSON value and nothing else. */
static bool llmfi_reply_is_json(llmf_str text) {
    llmfi_json j;
    llmfi_json_init(&j, text, true);
    return llmfi_json_skip(&j) > 0 && llmfi_json_next(&j) == LLMFI_J_END;
}

/* The call is whole: queues TOOL_CALL. Once only; RULES 12 decides what its arguments are. */
LLMFI_UNUSED static void llmfi_reply_tool_end(llmfi_reply *r, int at) {
    llmfi_tool_state *t = llmfi_reply_tool(r, at);
    llmf_str args = llmfi_trim(llmfi_buf_str(&t->args));
    if (r->error.code || t->ended) return;
    if (!t->started) llmfi_reply_tool_start(r, at);
    if (r->error.code || !llmfi_reply_push(r, LLMF_EVENT_TOOL_CALL, at, 0, 0)) return;
    t->empty = !args.len || LLMFI_IS(args, "null");
    t->invalid = !t->empty && !llmfi_reply_is_json(args);
    t->ended = true;
}

/* ---- the rest of what comes ---- */

/* A source that the text cites; each URL once, with the first title that is not empty. */
LLMFI_UNUSED static void llmfi_reply_citation(llmfi_reply *r, llmf_str url, llmf_str title) {
    llmf_citation *all = (llmf_citation *)(void *)r->citations.ptr, c;
    size_t i, count = r->citations.len / sizeof c;
    if (r->error.code || (!url.len && !title.len)) return;
    for (i = 0; i < count; i++) {
        if (!llmfi_eq(all[i].url, url) || (!url.len && !llmfi_eq(all[i].title, title))) continue;
        if (!all[i].title.len && title.len) all[i].title = llmfi_reply_keep(r, title);
        return;
    }
    if (count >= LLMF_MAX_CITATIONS) return;
    c.url = llmfi_reply_keep(r, url);
    c.title = llmfi_reply_keep(r, title);
    if (!r->error.code && !llmfi_buf_add(&r->citations, (const char *)&c, sizeof c)) llmfi_reply_no_memory(r);
}

/* The provider's word for why it stopped; the last that is not empty counts. */
LLMFI_UNUSED static void llmfi_reply_finish(llmfi_reply *r, llmf_str word) {
    if (word.len && !r->error.code && !llmfi_eq(r->finish_raw, word)) r->finish_raw = llmfi_reply_keep(r, word);
}

/* The model as the provider names it; the first name that is not empty counts. */
LLMFI_UNUSED static void llmfi_reply_model(llmfi_reply *r, llmf_str name) {
    if (name.len && !r->error.code && !r->model_used.len) r->model_used = llmfi_reply_keep(r, name);
}

/* ---- the end ---- */

/* RULES 15: LLMF_FINISH_… of a provider's word. */
LLMFI_UNUSED static int llmfi_finish_of(llmf_str word) {
    static const struct {
        const char *word;
        size_t len;
        int finish;
    } words[] = {
/* Every fact about providers and models, as rows. The only place to change one.
 *
 * To read it: define the row kinds you want as macros and include this file; kinds that are not defined vanish, and all are undefined at the end.
 * In llmfactory.h these rows stand as lists, and LLMF_MODELS_DEF="my.def" names a file of your own in this form, which replaces them all.
 * Identifiers in the columns are never expanded as macros if you paste them (#, ##) as src/factory/tables.h does.
 * Prices are pico-dollars a token (1 USD per million tokens = 1000000). -1 in a number: not known, which is not 0. Dates are yyyymmdd; 0: none.
 * A provider of your own in your own file needs `#define LLMF_HAS_<ID> 1` there, where that is not defined yet.
 * Sources: the providers' documentation, ruby_llm's models.json (MIT), models.dev (MIT), LiteLLM's price table (MIT); the date tells which state.
 *
 *   LLMF_DIALECT(ID, name)
 *       a wire dialect: providers/<name>.h, built in where LLMF_HAS_DIALECT_<ID>
 *   LLMF_QUIRK_SET(NAME, quirk, ...)
 *       a set of quirks that rows below name; the quirks are those of LLMFI_QUIRKS (providers/adapter.h); NONE fills up to four
 *   LLMF_PROVIDER(ID, name, aliases, dialect, base_url, auth, key_variables, default_model, default_max_tokens, api_version, embedding_model,
 *                 embedding_batch, quirks)
 *       a host. It is built in where LLMF_HAS_<ID>. base_url: what stands before the operation's path; {region} {resource} {deployment} {account} come from
 *       keys of the config. auth: how the key goes out (LLMFI_AUTHS in tables.h). key_variables: looked at in this order, the first that is set counts;
 *       NAME:bearer is sent as Authorization: Bearer whatever `auth` says.
 *       default_max_tokens: only where the provider demands one, else 0. embedding_batch: texts in one request; 0: it embeds nothing
 *   LLMF_MODEL(PROVIDER, id, context, max_output, input, output, cache_read, cache_write_5m, cache_write_1h, capabilities, quirks, checked, ends)
 *       limits in tokens, prices, then capabilities (T tools, I images, A audio, F files, R reasons, S schema, E embeds, X transcribes), its quirks besides the
 *       provider's, the day the facts were true, and the day the provider takes it away
 *   LLMF_TIER(PROVIDER, id, above, input, output, cache_read, cache_write)
 *       the prices of a model for a prompt of more than `above` tokens
 *   LLMF_FAMILY(PROVIDER, prefix, quirks)
 *       the quirks of ids that have no row, besides the provider's: the longest prefix counts
 *   LLMF_VARIABLE(PROVIDER, variable, setting, header)
 *       a variable that sets something besides <NAME>_MODEL and <NAME>_BASE_URL, which win: MODEL, BASE_URL, API_VERSION, REGION, ACCOUNT, RESOURCE,
 *       HOST (host[:port], as Ollama has it), HEADER (the header named last). Of several for one setting the first that is set counts
 *   LLMF_ERROR_PHRASE(phrase, result)
 *       a piece of an error's message, letters without case. AUTH: looked for first. CONTEXT_LENGTH: where the status says bad request, or there is none.
 *       NOT_FOUND: before the status, where none of the words below is known
 *   LLMF_ERROR_WORD(word, result)
 *       the provider's own word for an error, exactly. BAD_REQUEST: only where there is no status
 *   LLMF_ERROR_STATUS(from, to, result)
 *       HTTP statuses, both included; the first row that holds counts
 *   LLMF_FINISH_WORD(word, finish)
 *       the provider's word for why it stopped, exactly; a word without a row is LLMF_FINISH_OTHER
 */
#define LLMFI_ROWS_DIALECT \
    LLMF_DIALECT(OPENAI,           "openai") \
    LLMF_DIALECT(OPENAI_RESPONSES, "openai_responses") \
    LLMF_DIALECT(ANTHROPIC,        "anthropic") \
    LLMF_DIALECT(GEMINI,           "gemini") \
    LLMF_DIALECT(AZURE,            "azure") \
    LLMF_DIALECT(BEDROCK,          "bedrock") \
    LLMF_DIALECT(OLLAMA,           "ollama") \
    LLMF_DIALECT(COHERE,           "cohere") \
    LLMF_DIALECT(HUGGINGFACE,      "huggingface") \
    LLMF_DIALECT(MOCK,             "mock")
#define LLMFI_ROWS_QUIRK_SET \
    LLMF_QUIRK_SET(PLAIN,            NONE,                  NONE,                   NONE,              NONE) \
    LLMF_QUIRK_SET(KEYLESS,          NO_KEY_NEEDED,         NONE,                   NONE,              NONE) \
    LLMF_QUIRK_SET(OPENAI_REASONING, MAX_COMPLETION_TOKENS, DEVELOPER_ROLE,         NO_SAMPLING,       NONE) \
    LLMF_QUIRK_SET(OPENAI_O1_MINI,   MAX_COMPLETION_TOKENS, SYSTEM_AS_USER,         NO_SAMPLING,       NONE) \
    LLMF_QUIRK_SET(NEW_LIMIT,        MAX_COMPLETION_TOKENS, NONE,                   NONE,              NONE) \
    LLMF_QUIRK_SET(CLAUDE_3,         SAMPLING_OLD_VERSION,  NO_REASONING,           NONE,              NONE) \
    LLMF_QUIRK_SET(CLAUDE_4,         SAMPLING_OLD_VERSION,  NONE,                   NONE,              NONE) \
    LLMF_QUIRK_SET(CLAUDE_4_6,       SAMPLING_OLD_VERSION,  ADAPTIVE_THINKING,      NONE,              NONE) \
    LLMF_QUIRK_SET(CLAUDE_5,         ADAPTIVE_THINKING,     NONE,                   NONE,              NONE) \
    LLMF_QUIRK_SET(MISTRAL,          TOOL_ANY,              RANDOM_SEED,            NO_STREAM_OPTIONS, NO_USER_FIELD) \
    LLMF_QUIRK_SET(DEEPSEEK,         THINKING_OBJECT,       BACK_REASONING_CONTENT, NO_SCHEMA,         NONE) \
    LLMF_QUIRK_SET(THINKING,         THINKING_OBJECT,       BACK_REASONING_CONTENT, NONE,              NONE) \
    LLMF_QUIRK_SET(ALIBABA,          ENABLE_THINKING,       NO_PARALLEL_FIELD,      NONE,              NONE) \
    LLMF_QUIRK_SET(OPENROUTER,       REASONING_OBJECT,      BACK_REASONING_DETAILS, NONE,              NONE)
#define LLMFI_ROWS_PROVIDER \
    LLMF_PROVIDER(OPENAI,           "openai",           "",                 OPENAI,           "https://api.openai.com/v1",                                                                             BEARER,      "OPENAI_API_KEY",                                             "gpt-4.1-mini",                              0, "",           "text-embedding-3-small",            2048, PLAIN) \
    LLMF_PROVIDER(OPENAI_RESPONSES, "openai_responses", "responses",        OPENAI_RESPONSES, "https://api.openai.com/v1",                                                                             BEARER,      "OPENAI_API_KEY",                                             "gpt-4.1-mini",                              0, "",           "text-embedding-3-small",            2048, PLAIN) \
    LLMF_PROVIDER(ANTHROPIC,        "anthropic",        "claude",           ANTHROPIC,        "https://api.anthropic.com",                                                                             X_API_KEY,   "ANTHROPIC_API_KEY ANTHROPIC_AUTH_TOKEN:bearer",              "claude-sonnet-5",                        4096, "2026-10-21", "",                                     0, PLAIN) \
    LLMF_PROVIDER(GEMINI,           "gemini",           "google",           GEMINI,           "https://generativelanguage.googleapis.com",                                                             GOOG_KEY,    "GEMINI_API_KEY GOOGLE_API_KEY GOOGLE_GENERATIVE_AI_API_KEY", "gemini-3.7-flash",                          0, "v1",         "gemini-embedding-2",                 100, PLAIN) \
    LLMF_PROVIDER(VERTEX,           "vertex",           "vertexai",         GEMINI,           "https://{region}-aiplatform.googleapis.com/v1/projects/{account}/locations/{region}/publishers/google", BEARER,      "GOOGLE_VERTEX_ACCESS_TOKEN",                                 "gemini-3.7-flash",                          0, "v1",         "gemini-embedding-2",                 100, PLAIN) \
    LLMF_PROVIDER(AZURE,            "azure",            "azure_openai",     AZURE,            "https://{resource}.openai.azure.com/openai/v1",                                                         API_KEY,     "AZURE_OPENAI_API_KEY AZURE_API_KEY",                         "",                                          0, "",           "",                                  2048, PLAIN) \
    LLMF_PROVIDER(BEDROCK,          "bedrock",          "aws",              BEDROCK,          "https://bedrock-runtime.{region}.amazonaws.com",                                                        AWS,         "AWS_BEARER_TOKEN_BEDROCK:bearer",                            "anthropic.claude-sonnet-5",                 0, "2026-10-21", "amazon.titan-embed-text-v2:0",         1, PLAIN) \
    LLMF_PROVIDER(BEDROCK_MANTLE,   "bedrock_mantle",   "",                 OPENAI,           "https://bedrock-mantle.{region}.api.aws/v1",                                                            BEARER,      "AWS_BEARER_TOKEN_BEDROCK",                                   "openai.gpt-oss-120b",                       0, "",           "",                                     0, PLAIN) \
    LLMF_PROVIDER(OLLAMA,           "ollama",           "local",            OLLAMA,           "http://localhost:11434",                                                                                BEARER,      "OLLAMA_API_KEY",                                             "llama3.2",                                  0, "",           "nomic-embed-text",                   512, KEYLESS) \
    LLMF_PROVIDER(COHERE,           "cohere",           "",                 COHERE,           "https://api.cohere.com",                                                                                BEARER,      "COHERE_API_KEY CO_API_KEY",                                  "command-a-03-2025",                         0, "",           "embed-v4.0",                          96, PLAIN) \
    LLMF_PROVIDER(HUGGINGFACE,      "huggingface",      "hf",               HUGGINGFACE,      "https://router.huggingface.co/v1",                                                                      BEARER,      "HF_TOKEN HUGGINGFACE_API_KEY",                               "openai/gpt-oss-120b",                       0, "",           "",                                    32, PLAIN) \
    LLMF_PROVIDER(MISTRAL,          "mistral",          "mistralai",        OPENAI,           "https://api.mistral.ai/v1",                                                                             BEARER,      "MISTRAL_API_KEY",                                            "mistral-small-latest",                      0, "",           "mistral-embed",                       64, MISTRAL) \
    LLMF_PROVIDER(GROQ,             "groq",             "",                 OPENAI,           "https://api.groq.com/openai/v1",                                                                        BEARER,      "GROQ_API_KEY",                                               "openai/gpt-oss-120b",                       0, "",           "",                                     0, PLAIN) \
    LLMF_PROVIDER(DEEPSEEK,         "deepseek",         "",                 OPENAI,           "https://api.deepseek.com",                                                                              BEARER,      "DEEPSEEK_API_KEY",                                           "deepseek-v4-flash",                         0, "",           "",                                     0, DEEPSEEK) \
    LLMF_PROVIDER(XAI,              "xai",              "grok",             OPENAI,           "https://api.x.ai/v1",                                                                                   BEARER,      "XAI_API_KEY",                                                "grok-4.3",                                  0, "",           "",                                     0, PLAIN) \
    LLMF_PROVIDER(OPENROUTER,       "openrouter",       "",                 OPENAI,           "https://openrouter.ai/api/v1",                                                                          BEARER,      "OPENROUTER_API_KEY",                                         "openrouter/auto",                           0, "",           "openai/text-embedding-3-small",     2048, OPENROUTER) \
    LLMF_PROVIDER(TOGETHER,         "together",         "togetherai",       OPENAI,           "https://api.together.xyz/v1",                                                                           BEARER,      "TOGETHER_API_KEY",                                           "openai/gpt-oss-120b",                       0, "",           "",                                   128, PLAIN) \
    LLMF_PROVIDER(FIREWORKS,        "fireworks",        "fireworks_ai",     OPENAI,           "https://api.fireworks.ai/inference/v1",                                                                 BEARER,      "FIREWORKS_API_KEY",                                          "accounts/fireworks/models/gpt-oss-120b",    0, "",           "nomic-ai/nomic-embed-text-v1.5",     256, PLAIN) \
    LLMF_PROVIDER(PERPLEXITY,       "perplexity",       "",                 OPENAI,           "https://api.perplexity.ai",                                                                             BEARER,      "PERPLEXITY_API_KEY PPLX_API_KEY",                            "sonar",                                     0, "",           "",                                     0, PLAIN) \
    LLMF_PROVIDER(CEREBRAS,         "cerebras",         "",                 OPENAI,           "https://api.cerebras.ai/v1",                                                                            BEARER,      "CEREBRAS_API_KEY",                                           "gpt-oss-120b",                              0, "",           "",                                     0, NEW_LIMIT) \
    LLMF_PROVIDER(NVIDIA,           "nvidia",           "nim",              OPENAI,           "https://integrate.api.nvidia.com/v1",                                                                   BEARER,      "NVIDIA_API_KEY",                                             "meta/llama-3.3-70b-instruct",               0, "",           "",                                     0, PLAIN) \
    LLMF_PROVIDER(ZAI,              "zai",              "zhipu",            OPENAI,           "https://api.z.ai/api/paas/v4",                                                                          BEARER,      "ZAI_API_KEY ZHIPU_API_KEY",                                  "glm-5.2",                                   0, "",           "embedding-3",                         64, THINKING) \
    LLMF_PROVIDER(MOONSHOT,         "moonshot",         "moonshotai kimi",  OPENAI,           "https://api.moonshot.ai/v1",                                                                            BEARER,      "MOONSHOT_API_KEY",                                           "kimi-k2.6",                                 0, "",           "",                                     0, THINKING) \
    LLMF_PROVIDER(ALIBABA,          "alibaba",          "dashscope qwen",   OPENAI,           "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",                                                BEARER,      "DASHSCOPE_API_KEY",                                          "qwen3.7-plus",                              0, "",           "text-embedding-v4",                   10, ALIBABA) \
    LLMF_PROVIDER(VERCEL,           "vercel",           "vercel_gateway",   OPENAI,           "https://ai-gateway.vercel.sh/v1",                                                                       BEARER,      "AI_GATEWAY_API_KEY",                                         "openai/gpt-4.1-mini",                       0, "",           "openai/text-embedding-3-small",     2048, OPENROUTER) \
    LLMF_PROVIDER(VOYAGE,           "voyage",           "",                 OPENAI,           "https://api.voyageai.com/v1",                                                                           BEARER,      "VOYAGE_API_KEY",                                             "",                                          0, "",           "voyage-3.5",                        1000, PLAIN) \
    LLMF_PROVIDER(WRITER,           "writer",           "",                 OPENAI,           "https://api.writer.com/v1",                                                                             BEARER,      "WRITER_API_KEY",                                             "palmyra-x5",                                0, "",           "",                                     0, PLAIN) \
    LLMF_PROVIDER(CRUSOE,           "crusoe",           "",                 OPENAI,           "https://api.inference.crusoecloud.com/v1",                                                              BEARER,      "CRUSOE_API_KEY",                                             "meta-llama/Llama-3.3-70B-Instruct",         0, "",           "",                                     0, PLAIN) \
    LLMF_PROVIDER(AVIAN,            "avian",            "",                 OPENAI,           "https://api.avian.io/v1",                                                                               BEARER,      "AVIAN_API_KEY",                                              "",                                          0, "",           "",                                     0, PLAIN) \
    LLMF_PROVIDER(HEROKU,           "heroku",           "",                 OPENAI,           "https://us.inference.heroku.com/v1",                                                                    BEARER,      "INFERENCE_KEY HEROKU_API_KEY",                               "gpt-oss-120b",                              0, "",           "cohere-embed-multilingual",           96, PLAIN) \
    LLMF_PROVIDER(SNOWFLAKE,        "snowflake",        "snowflake_cortex", OPENAI,           "https://{account}.snowflakecomputing.com/api/v2/cortex/v1",                                             BEARER,      "SNOWFLAKE_CORTEX_PAT SNOWFLAKE_API_KEY",                     "claude-sonnet-4-5",                         0, "",           "",                                     0, NEW_LIMIT) \
    LLMF_PROVIDER(PORTKEY,          "portkey",          "",                 OPENAI,           "https://api.portkey.ai/v1",                                                                             PORTKEY_KEY, "PORTKEY_API_KEY",                                            "",                                          0, "",           "",                                     0, PLAIN) \
    LLMF_PROVIDER(LITELLM,          "litellm",          "litellm_proxy",    OPENAI,           "http://localhost:4000/v1",                                                                              BEARER,      "LITELLM_API_KEY LITELLM_MASTER_KEY",                         "",                                          0, "",           "",                                  2048, KEYLESS) \
    LLMF_PROVIDER(VLLM,             "vllm",             "",                 OPENAI,           "http://localhost:8000/v1",                                                                              BEARER,      "VLLM_API_KEY",                                               "",                                          0, "",           "",                                  2048, KEYLESS) \
    LLMF_PROVIDER(LLAMACPP,         "llamacpp",         "llama_cpp",        OPENAI,           "http://localhost:8080/v1",                                                                              BEARER,      "LLAMACPP_API_KEY LLAMA_API_KEY",                             "default",                                   0, "",           "default",                           2048, KEYLESS) \
    LLMF_PROVIDER(LMSTUDIO,         "lmstudio",         "lm_studio",        OPENAI,           "http://localhost:1234/v1",                                                                              BEARER,      "LMSTUDIO_API_KEY",                                           "",                                          0, "",           "",                                  2048, KEYLESS) \
    LLMF_PROVIDER(GPUSTACK,         "gpustack",         "",                 OPENAI,           "http://localhost/v1",                                                                                   BEARER,      "GPUSTACK_API_KEY",                                           "",                                          0, "",           "",                                  2048, KEYLESS) \
    LLMF_PROVIDER(MOCK,             "mock",             "",                 MOCK,             "mock://localhost",                                                                                      NONE,        "",                                                           "mock",                                      0, "",           "mock",                           1000000, KEYLESS)
#define LLMFI_ROWS_VARIABLE \
    LLMF_VARIABLE(OPENAI,           "OPENAI_ORG_ID",            HEADER,      "OpenAI-Organization") \
    LLMF_VARIABLE(OPENAI,           "OPENAI_PROJECT_ID",        HEADER,      "OpenAI-Project") \
    LLMF_VARIABLE(OPENAI_RESPONSES, "OPENAI_BASE_URL",          BASE_URL,    "") \
    LLMF_VARIABLE(OPENAI_RESPONSES, "OPENAI_MODEL",             MODEL,       "") \
    LLMF_VARIABLE(OPENAI_RESPONSES, "OPENAI_ORG_ID",            HEADER,      "OpenAI-Organization") \
    LLMF_VARIABLE(OPENAI_RESPONSES, "OPENAI_PROJECT_ID",        HEADER,      "OpenAI-Project") \
    LLMF_VARIABLE(OLLAMA,           "LOCAL_MODEL",              MODEL,       "") \
    LLMF_VARIABLE(OLLAMA,           "OLLAMA_HOST",              HOST,        "") \
    LLMF_VARIABLE(HEROKU,           "INFERENCE_MODEL_ID",       MODEL,       "") \
    LLMF_VARIABLE(AZURE,            "AZURE_OPENAI_ENDPOINT",    BASE_URL,    "") \
    LLMF_VARIABLE(AZURE,            "AZURE_OPENAI_DEPLOYMENT",  MODEL,       "") \
    LLMF_VARIABLE(AZURE,            "AZURE_OPENAI_API_VERSION", API_VERSION, "") \
    LLMF_VARIABLE(AZURE,            "AZURE_RESOURCE_NAME",      RESOURCE,    "") \
    LLMF_VARIABLE(BEDROCK,          "AWS_REGION",               REGION,      "") \
    LLMF_VARIABLE(BEDROCK,          "AWS_DEFAULT_REGION",       REGION,      "") \
    LLMF_VARIABLE(BEDROCK_MANTLE,   "AWS_REGION",               REGION,      "") \
    LLMF_VARIABLE(BEDROCK_MANTLE,   "AWS_DEFAULT_REGION",       REGION,      "") \
    LLMF_VARIABLE(VERTEX,           "GOOGLE_VERTEX_LOCATION",   REGION,      "") \
    LLMF_VARIABLE(VERTEX,           "GOOGLE_VERTEX_PROJECT",    ACCOUNT,     "") \
    LLMF_VARIABLE(SNOWFLAKE,        "SNOWFLAKE_ACCOUNT",        ACCOUNT,     "")
#if LLMF_HAS_OPENAI
#define LLMFI_ROWS_MODEL_OPENAI \
    LLMF_MODEL(OPENAI,     "gpt-5.6",                                   1050000, 128000,  5000000,  30000000,  500000,  6250000,       -1, "TIFRS",  OPENAI_REASONING, 20260819,        0) \
    LLMF_MODEL(OPENAI,     "gpt-5.6-sol",                               1050000, 128000,  5000000,  30000000,  500000,  6250000,       -1, "TIFRS",  OPENAI_REASONING, 20260819,        0) \
    LLMF_MODEL(OPENAI,     "gpt-5.6-terra",                             1050000, 128000,  2000000,  12000000,  200000,  2500000,       -1, "TIFRS",  OPENAI_REASONING, 20260819,        0) \
    LLMF_MODEL(OPENAI,     "gpt-5.6-luna",                              1050000, 128000,   200000,   1200000,   20000,   250000,       -1, "TIFRS",  OPENAI_REASONING, 20260819,        0) \
    LLMF_MODEL(OPENAI,     "gpt-5.5",                                   1050000, 128000,  5000000,  30000000,  500000,       -1,       -1, "TIFRS",  OPENAI_REASONING, 20260819,        0) \
    LLMF_MODEL(OPENAI,     "gpt-5.5-pro",                               1050000, 128000, 30000000, 180000000,      -1,       -1,       -1, "TIFRS",  OPENAI_REASONING, 20260819,        0) \
    LLMF_MODEL(OPENAI,     "gpt-5.4",                                   1050000, 128000,  2500000,  15000000,  250000,       -1,       -1, "TIFRS",  OPENAI_REASONING, 20260819,        0) \
    LLMF_MODEL(OPENAI,     "gpt-5.4-mini",                               400000, 128000,   750000,   4500000,   75000,       -1,       -1, "TIRS",   OPENAI_REASONING, 20260819,        0) \
    LLMF_MODEL(OPENAI,     "gpt-5.4-nano",                               400000, 128000,   200000,   1250000,   20000,       -1,       -1, "TIRS",   OPENAI_REASONING, 20260819,        0) \
    LLMF_MODEL(OPENAI,     "gpt-5.3-codex",                              400000, 128000,  1750000,  14000000,  175000,       -1,       -1, "TIFRS",  OPENAI_REASONING, 20260819,        0) \
    LLMF_MODEL(OPENAI,     "gpt-5.3-chat-latest",                        128000,  16384,  1750000,  14000000,  175000,       -1,       -1, "TIS",    NEW_LIMIT,        20260819,        0) \
    LLMF_MODEL(OPENAI,     "gpt-5.2",                                    400000, 128000,  1750000,  14000000,  175000,       -1,       -1, "TIRS",   OPENAI_REASONING, 20260819,        0) \
    LLMF_MODEL(OPENAI,     "gpt-5.1",                                    400000, 128000,  1250000,  10000000,  125000,       -1,       -1, "TIRS",   OPENAI_REASONING, 20260819,        0) \
    LLMF_MODEL(OPENAI,     "gpt-5",                                      400000, 128000,  1250000,  10000000,  125000,       -1,       -1, "TIRS",   OPENAI_REASONING, 20260819,        0) \
    LLMF_MODEL(OPENAI,     "gpt-5-mini",                                 400000, 128000,   250000,   2000000,   25000,       -1,       -1, "TIRS",   OPENAI_REASONING, 20260819,        0) \
    LLMF_MODEL(OPENAI,     "gpt-5-nano",                                 400000, 128000,    50000,    400000,    5000,       -1,       -1, "TIRS",   OPENAI_REASONING, 20260819,        0) \
    LLMF_MODEL(OPENAI,     "gpt-5-chat-latest",                          400000, 128000,  1250000,  10000000,  125000,       -1,       -1, "IRS",    NEW_LIMIT,        20260702,        0) \
    LLMF_MODEL(OPENAI,     "gpt-4.1",                                   1047576,  32768,  2000000,   8000000,  500000,       -1,       -1, "TIFS",   PLAIN,            20260819,        0) \
    LLMF_MODEL(OPENAI,     "gpt-4.1-mini",                              1047576,  32768,   400000,   1600000,  100000,       -1,       -1, "TIFS",   PLAIN,            20260819,        0) \
    LLMF_MODEL(OPENAI,     "gpt-4.1-nano",                              1047576,  32768,   100000,    400000,   25000,       -1,       -1, "TIS",    PLAIN,            20260819,        0) \
    LLMF_MODEL(OPENAI,     "gpt-4o",                                     128000,  16384,  2500000,  10000000, 1250000,       -1,       -1, "TIFS",   PLAIN,            20260819,        0) \
    LLMF_MODEL(OPENAI,     "gpt-4o-2024-05-13",                          128000,   4096,  5000000,  15000000,      -1,       -1,       -1, "TIS",    PLAIN,            20260819,        0) \
    LLMF_MODEL(OPENAI,     "gpt-4o-2024-08-06",                          128000,  16384,  2500000,  10000000, 1250000,       -1,       -1, "TIS",    PLAIN,            20260819,        0) \
    LLMF_MODEL(OPENAI,     "gpt-4o-2024-11-20",                          128000,  16384,  2500000,  10000000, 1250000,       -1,       -1, "TIS",    PLAIN,            20260819,        0) \
    LLMF_MODEL(OPENAI,     "gpt-4o-mini",                                128000,  16384,   150000,    600000,   75000,       -1,       -1, "TIFS",   PLAIN,            20260819,        0) \
    LLMF_MODEL(OPENAI,     "gpt-4-turbo",                                128000,   4096, 10000000,  30000000,      -1,       -1,       -1, "TI",     PLAIN,            20260819,        0) \
    LLMF_MODEL(OPENAI,     "gpt-4",                                        8192,   8192, 30000000,  60000000,      -1,       -1,       -1, "T",      PLAIN,            20260819,        0) \
    LLMF_MODEL(OPENAI,     "gpt-3.5-turbo",                               16385,   4096,   500000,   1500000,      -1,       -1,       -1, "T",      PLAIN,            20260819,        0) \
    LLMF_MODEL(OPENAI,     "o1",                                         200000, 100000, 15000000,  60000000, 7500000,       -1,       -1, "TIFRS",  OPENAI_REASONING, 20260819,        0) \
    LLMF_MODEL(OPENAI,     "o3",                                         200000, 100000,  2000000,   8000000,  500000,       -1,       -1, "TIFRS",  OPENAI_REASONING, 20260819,        0) \
    LLMF_MODEL(OPENAI,     "o3-mini",                                    200000, 100000,  1100000,   4400000,  550000,       -1,       -1, "TRS",    OPENAI_REASONING, 20260819,        0) \
    LLMF_MODEL(OPENAI,     "o3-pro",                                     200000, 100000, 20000000,  80000000,      -1,       -1,       -1, "TIRS",   OPENAI_REASONING, 20260819,        0) \
    LLMF_MODEL(OPENAI,     "o4-mini",                                    200000, 100000,  1100000,   4400000,  275000,       -1,       -1, "TIRS",   OPENAI_REASONING, 20260819,        0) \
    LLMF_MODEL(OPENAI,     "text-embedding-3-large",                       8191,     -1,   130000,         0,      -1,       -1,       -1, "E",      PLAIN,            20260819,        0) \
    LLMF_MODEL(OPENAI,     "text-embedding-3-small",                       8191,     -1,    20000,         0,      -1,       -1,       -1, "E",      PLAIN,            20260819,        0) \
    LLMF_MODEL(OPENAI,     "text-embedding-ada-002",                       8192,     -1,   100000,         0,      -1,       -1,       -1, "E",      PLAIN,            20260819,        0) \
    LLMF_MODEL(OPENAI,     "gpt-4o-transcribe",                              -1,     -1,       -1,        -1,      -1,       -1,       -1, "X",      PLAIN,            20260602,        0) \
    LLMF_MODEL(OPENAI,     "gpt-4o-mini-transcribe",                         -1,     -1,       -1,        -1,      -1,       -1,       -1, "X",      PLAIN,            20260602,        0) \
    LLMF_MODEL(OPENAI,     "whisper-1",                                      -1,     -1,       -1,        -1,      -1,       -1,       -1, "X",      PLAIN,            20260602,        0)
#else
#define LLMFI_ROWS_MODEL_OPENAI
#endif
#if LLMF_HAS_ANTHROPIC
#define LLMFI_ROWS_MODEL_ANTHROPIC \
    LLMF_MODEL(ANTHROPIC,  "claude-fable-5",                            1000000, 128000, 10000000,  50000000, 1000000, 12500000, 20000000, "TIFRS",  CLAUDE_5,         20260819,        0) \
    LLMF_MODEL(ANTHROPIC,  "claude-opus-5",                             1000000, 128000,  5000000,  25000000,  500000,  6250000, 10000000, "TIFRS",  CLAUDE_5,         20260819,        0) \
    LLMF_MODEL(ANTHROPIC,  "claude-sonnet-5",                           1000000, 128000,  2000000,  10000000,  200000,  2500000,  4000000, "TIFRS",  CLAUDE_5,         20260819,        0) \
    LLMF_MODEL(ANTHROPIC,  "claude-opus-4-8",                           1000000, 128000,  5000000,  25000000,  500000,  6250000, 10000000, "TIFRS",  CLAUDE_5,         20260819,        0) \
    LLMF_MODEL(ANTHROPIC,  "claude-opus-4-7",                           1000000, 128000,  5000000,  25000000,  500000,  6250000, 10000000, "TIFRS",  CLAUDE_5,         20260819,        0) \
    LLMF_MODEL(ANTHROPIC,  "claude-opus-4-6",                           1000000, 128000,  5000000,  25000000,  500000,  6250000, 10000000, "TIFRS",  CLAUDE_4_6,       20260819,        0) \
    LLMF_MODEL(ANTHROPIC,  "claude-sonnet-4-6",                         1000000, 128000,  3000000,  15000000,  300000,  3750000,  6000000, "TIFRS",  CLAUDE_4_6,       20260819,        0) \
    LLMF_MODEL(ANTHROPIC,  "claude-opus-4-5",                            200000,  64000,  5000000,  25000000,  500000,  6250000, 10000000, "TIFRS",  CLAUDE_4,         20260819,        0) \
    LLMF_MODEL(ANTHROPIC,  "claude-opus-4-5-20251101",                   200000,  64000,  5000000,  25000000,  500000,  6250000, 10000000, "TIFRS",  CLAUDE_4,         20260819,        0) \
    LLMF_MODEL(ANTHROPIC,  "claude-sonnet-4-5",                         1000000,  64000,  3000000,  15000000,  300000,  3750000,  6000000, "TIFRS",  CLAUDE_4,         20260819,        0) \
    LLMF_MODEL(ANTHROPIC,  "claude-sonnet-4-5-20250929",                1000000,  64000,  3000000,  15000000,  300000,  3750000,  6000000, "TIFRS",  CLAUDE_4,         20260819,        0) \
    LLMF_MODEL(ANTHROPIC,  "claude-haiku-4-5",                           200000,  64000,  1000000,   5000000,  100000,  1250000,  2000000, "TIFRS",  CLAUDE_4,         20260819,        0) \
    LLMF_MODEL(ANTHROPIC,  "claude-haiku-4-5-20251001",                  200000,  64000,  1000000,   5000000,  100000,  1250000,  2000000, "TIFRS",  CLAUDE_4,         20260819,        0) \
    LLMF_MODEL(ANTHROPIC,  "claude-opus-4-1",                            200000,  32000, 15000000,  75000000, 1500000, 18750000, 30000000, "TIFR",   CLAUDE_4,         20260702,        0) \
    LLMF_MODEL(ANTHROPIC,  "claude-opus-4-1-20250805",                   200000,  32000, 15000000,  75000000, 1500000, 18750000, 30000000, "TIFR",   CLAUDE_4,         20260702, 20260805) \
    LLMF_MODEL(ANTHROPIC,  "claude-opus-4-20250514",                     200000,  32000, 15000000,  75000000, 1500000, 18750000, 30000000, "TIFR",   CLAUDE_4,         20260702, 20260514) \
    LLMF_MODEL(ANTHROPIC,  "claude-sonnet-4-20250514",                   200000,  64000,  3000000,  15000000,  300000,  3750000,  6000000, "TIFR",   CLAUDE_4,         20260702, 20260514) \
    LLMF_MODEL(ANTHROPIC,  "claude-3-7-sonnet-20250219",                 200000,  64000,  3000000,  15000000,  300000,  3750000,  6000000, "TIFR",   CLAUDE_4,         20260702, 20260219) \
    LLMF_MODEL(ANTHROPIC,  "claude-3-haiku-20240307",                    200000,   4096,   250000,   1250000,   30000,   300000,   500000, "TIF",    CLAUDE_3,         20260702,        0)
#else
#define LLMFI_ROWS_MODEL_ANTHROPIC
#endif
#if LLMF_HAS_GEMINI
#define LLMFI_ROWS_MODEL_GEMINI \
    LLMF_MODEL(GEMINI,     "gemini-3.7-flash",                          1048576,  65536,   750000,   3750000,   75000,       -1,       -1, "TIAFRS", PLAIN,            20260819,        0) \
    LLMF_MODEL(GEMINI,     "gemini-3.6-flash",                          1048576,  65536,  1500000,   7500000,  150000,       -1,       -1, "TIAFRS", PLAIN,            20260819,        0) \
    LLMF_MODEL(GEMINI,     "gemini-3.5-flash",                          1048576,  65536,  1500000,   9000000,  150000,       -1,       -1, "TIAFRS", PLAIN,            20260819,        0) \
    LLMF_MODEL(GEMINI,     "gemini-3.5-flash-lite",                     1048576,  65536,   300000,   2500000,   30000,       -1,       -1, "TIAFRS", PLAIN,            20260819,        0) \
    LLMF_MODEL(GEMINI,     "gemini-3.1-pro-preview",                    1048576,  65536,  2000000,  12000000,  200000,       -1,       -1, "TIAFRS", PLAIN,            20260819,        0) \
    LLMF_MODEL(GEMINI,     "gemini-3.1-flash-lite",                     1048576,  65536,   250000,   1500000,   25000,       -1,       -1, "TIAFRS", PLAIN,            20260819,        0) \
    LLMF_MODEL(GEMINI,     "gemini-3-flash-preview",                    1048576,  65536,   500000,   3000000,   50000,       -1,       -1, "TIAFRS", PLAIN,            20260819,        0) \
    LLMF_MODEL(GEMINI,     "gemini-2.5-pro",                            1048576,  65536,  1250000,  10000000,  125000,       -1,       -1, "TIAFRS", PLAIN,            20260819,        0) \
    LLMF_MODEL(GEMINI,     "gemini-2.5-flash",                          1048576,  65536,   300000,   2500000,   30000,       -1,       -1, "TIAFRS", PLAIN,            20260819,        0) \
    LLMF_MODEL(GEMINI,     "gemini-2.5-flash-lite",                     1048576,  65536,   100000,    400000,   10000,       -1,       -1, "TIAFRS", PLAIN,            20260819,        0) \
    LLMF_MODEL(GEMINI,     "gemini-2.0-flash",                          1048576,   8192,   100000,    400000,   25000,       -1,       -1, "TIAFS",  PLAIN,            20260702, 20260601) \
    LLMF_MODEL(GEMINI,     "gemini-embedding-2",                           8192,     -1,   200000,         0,      -1,       -1,       -1, "E",      PLAIN,            20260819,        0) \
    LLMF_MODEL(GEMINI,     "gemini-embedding-001",                         2048,     -1,   150000,         0,      -1,       -1,       -1, "E",      PLAIN,            20260819,        0)
#else
#define LLMFI_ROWS_MODEL_GEMINI
#endif
#if LLMF_HAS_MISTRAL
#define LLMFI_ROWS_MODEL_MISTRAL \
    LLMF_MODEL(MISTRAL,    "mistral-large-latest",                       262144, 262144,   500000,   1500000,      -1,       -1,       -1, "TI",     PLAIN,            20260819,        0) \
    LLMF_MODEL(MISTRAL,    "mistral-large-2512",                         262144, 262144,   500000,   1500000,      -1,       -1,       -1, "TI",     PLAIN,            20260819,        0) \
    LLMF_MODEL(MISTRAL,    "mistral-medium-latest",                      262144, 262144,  1500000,   7500000,      -1,       -1,       -1, "TIRS",   PLAIN,            20260819,        0) \
    LLMF_MODEL(MISTRAL,    "mistral-medium-2604",                        262144, 262144,  1500000,   7500000,      -1,       -1,       -1, "TIRS",   PLAIN,            20260819,        0) \
    LLMF_MODEL(MISTRAL,    "mistral-small-latest",                       256000, 256000,   150000,    600000,      -1,       -1,       -1, "TIR",    PLAIN,            20260819,        0) \
    LLMF_MODEL(MISTRAL,    "mistral-small-2603",                         256000, 256000,   150000,    600000,      -1,       -1,       -1, "TIR",    PLAIN,            20260819,        0) \
    LLMF_MODEL(MISTRAL,    "magistral-medium-latest",                    128000,  16384,  2000000,   5000000,      -1,       -1,       -1, "TR",     PLAIN,            20260819,        0) \
    LLMF_MODEL(MISTRAL,    "ministral-8b-latest",                        128000, 128000,   100000,    100000,      -1,       -1,       -1, "T",      PLAIN,            20260819,        0) \
    LLMF_MODEL(MISTRAL,    "ministral-3b-latest",                        128000, 128000,    40000,     40000,      -1,       -1,       -1, "T",      PLAIN,            20260819,        0) \
    LLMF_MODEL(MISTRAL,    "codestral-latest",                           256000,   4096,   300000,    900000,      -1,       -1,       -1, "T",      PLAIN,            20260819,        0) \
    LLMF_MODEL(MISTRAL,    "devstral-latest",                            262144, 262144,   400000,   2000000,      -1,       -1,       -1, "T",      PLAIN,            20260819,        0) \
    LLMF_MODEL(MISTRAL,    "open-mistral-nemo",                          128000, 128000,   150000,    150000,      -1,       -1,       -1, "T",      PLAIN,            20260819,        0) \
    LLMF_MODEL(MISTRAL,    "mistral-embed",                                8000,     -1,   100000,         0,      -1,       -1,       -1, "E",      PLAIN,            20260819,        0)
#else
#define LLMFI_ROWS_MODEL_MISTRAL
#endif
#if LLMF_HAS_GROQ
#define LLMFI_ROWS_MODEL_GROQ \
    LLMF_MODEL(GROQ,       "llama-3.3-70b-versatile",                    131072,  32768,   590000,    790000,      -1,       -1,       -1, "T",      PLAIN,            20260702,        0) \
    LLMF_MODEL(GROQ,       "llama-3.1-8b-instant",                       131072, 131072,    50000,     80000,      -1,       -1,       -1, "T",      PLAIN,            20260702,        0) \
    LLMF_MODEL(GROQ,       "meta-llama/llama-4-scout-17b-16e-instruct",  131072,   8192,   110000,    340000,      -1,       -1,       -1, "TIS",    PLAIN,            20260702,        0) \
    LLMF_MODEL(GROQ,       "openai/gpt-oss-120b",                        131072,  65536,   150000,    600000,   75000,       -1,       -1, "TRS",    PLAIN,            20260702,        0) \
    LLMF_MODEL(GROQ,       "openai/gpt-oss-20b",                         131072,  65536,    75000,    300000,   37500,       -1,       -1, "TRS",    PLAIN,            20260702,        0) \
    LLMF_MODEL(GROQ,       "qwen/qwen3-32b",                             131072,  40960,   290000,    590000,      -1,       -1,       -1, "TR",     PLAIN,            20260702,        0) \
    LLMF_MODEL(GROQ,       "whisper-large-v3-turbo",                         -1,     -1,       -1,        -1,      -1,       -1,       -1, "X",      PLAIN,            20260702,        0)
#else
#define LLMFI_ROWS_MODEL_GROQ
#endif
#if LLMF_HAS_DEEPSEEK
#define LLMFI_ROWS_MODEL_DEEPSEEK \
    LLMF_MODEL(DEEPSEEK,   "deepseek-v4-pro",                           1000000, 384000,   435000,    870000,    3625,       -1,       -1, "TRS",    PLAIN,            20260819,        0) \
    LLMF_MODEL(DEEPSEEK,   "deepseek-v4-flash",                         1000000, 384000,   140000,    280000,    2800,       -1,       -1, "TRS",    PLAIN,            20260819,        0) \
    LLMF_MODEL(DEEPSEEK,   "deepseek-chat",                             1000000, 384000,   140000,    280000,    2800,       -1,       -1, "T",      PLAIN,            20260819,        0) \
    LLMF_MODEL(DEEPSEEK,   "deepseek-reasoner",                         1000000, 384000,   140000,    280000,    2800,       -1,       -1, "TR",     PLAIN,            20260819,        0)
#else
#define LLMFI_ROWS_MODEL_DEEPSEEK
#endif
#if LLMF_HAS_XAI
#define LLMFI_ROWS_MODEL_XAI \
    LLMF_MODEL(XAI,        "grok-4.6",                                   500000,     -1,  2000000,   6000000,  500000,       -1,       -1, "TIFRS",  PLAIN,            20260819,        0) \
    LLMF_MODEL(XAI,        "grok-4.5",                                   500000,     -1,  2000000,   6000000,  300000,       -1,       -1, "TIFRS",  PLAIN,            20260819,        0) \
    LLMF_MODEL(XAI,        "grok-4.3",                                  1000000,  30000,  1250000,   2500000,  200000,       -1,       -1, "TIFRS",  PLAIN,            20260819,        0) \
    LLMF_MODEL(XAI,        "grok-build-0.1",                             256000,     -1,  1000000,   2000000,  200000,       -1,       -1, "TIFRS",  PLAIN,            20260819,        0)
#else
#define LLMFI_ROWS_MODEL_XAI
#endif
#if LLMF_HAS_COHERE
#define LLMFI_ROWS_MODEL_COHERE \
    LLMF_MODEL(COHERE,     "command-a-plus-05-2026",                     128000,  64000,  2500000,  10000000,      -1,       -1,       -1, "TIRS",   PLAIN,            20260819,        0) \
    LLMF_MODEL(COHERE,     "command-a-reasoning-08-2025",                256000,  32000,  2500000,  10000000,      -1,       -1,       -1, "TR",     PLAIN,            20260819,        0) \
    LLMF_MODEL(COHERE,     "command-a-vision-07-2025",                   128000,   8000,  2500000,  10000000,      -1,       -1,       -1, "I",      PLAIN,            20260819,        0) \
    LLMF_MODEL(COHERE,     "command-a-03-2025",                          256000,   8000,  2500000,  10000000,      -1,       -1,       -1, "T",      PLAIN,            20260819,        0) \
    LLMF_MODEL(COHERE,     "command-r-plus-08-2024",                     128000,   4000,  2500000,  10000000,      -1,       -1,       -1, "T",      PLAIN,            20260819,        0) \
    LLMF_MODEL(COHERE,     "command-r-08-2024",                          128000,   4000,   150000,    600000,      -1,       -1,       -1, "T",      PLAIN,            20260819,        0) \
    LLMF_MODEL(COHERE,     "command-r7b-12-2024",                        128000,   4000,    37500,    150000,      -1,       -1,       -1, "T",      PLAIN,            20260819,        0) \
    LLMF_MODEL(COHERE,     "embed-v4.0",                                   8192,     -1,   120000,         0,      -1,       -1,       -1, "E",      PLAIN,            20260819,        0) \
    LLMF_MODEL(COHERE,     "embed-multilingual-v3.0",                       512,     -1,   100000,         0,      -1,       -1,       -1, "E",      PLAIN,            20260819,        0) \
    LLMF_MODEL(COHERE,     "embed-english-v3.0",                            512,     -1,   100000,         0,      -1,       -1,       -1, "E",      PLAIN,            20260819,        0)
#else
#define LLMFI_ROWS_MODEL_COHERE
#endif
#if LLMF_HAS_BEDROCK
#define LLMFI_ROWS_MODEL_BEDROCK \
    LLMF_MODEL(BEDROCK,    "anthropic.claude-sonnet-5",                 1000000, 128000,  2000000,  10000000,  200000,  2500000,  4000000, "TIFRS",  CLAUDE_5,         20260819,        0) \
    LLMF_MODEL(BEDROCK,    "anthropic.claude-opus-5",                   1000000, 128000,  5000000,  25000000,  500000,  6250000, 10000000, "TIFR",   CLAUDE_5,         20260819,        0) \
    LLMF_MODEL(BEDROCK,    "anthropic.claude-opus-4-8",                 1000000, 128000,  5000000,  25000000,  500000,  6250000, 10000000, "TIFR",   CLAUDE_5,         20260819,        0) \
    LLMF_MODEL(BEDROCK,    "anthropic.claude-sonnet-4-6",               1000000,  64000,  3000000,  15000000,  300000,  3750000,  6000000, "TIFRS",  CLAUDE_4_6,       20260819,        0) \
    LLMF_MODEL(BEDROCK,    "anthropic.claude-sonnet-4-5-20250929-v1:0",  200000,  64000,  3000000,  15000000,  300000,  3750000,  6000000, "TIFRS",  CLAUDE_4,         20260819,        0) \
    LLMF_MODEL(BEDROCK,    "anthropic.claude-haiku-4-5-20251001-v1:0",   200000,  64000,  1000000,   5000000,  100000,  1250000,  2000000, "TIFRS",  CLAUDE_4,         20260819,        0) \
    LLMF_MODEL(BEDROCK,    "anthropic.claude-3-7-sonnet-20250219-v1:0",  200000,   8192,  3000000,  15000000,  300000,  3750000,  6000000, "TIFRS",  CLAUDE_4,         20260602,        0) \
    LLMF_MODEL(BEDROCK,    "amazon.nova-pro-v1:0",                       300000,   8192,   800000,   3200000,  200000,       -1,       -1, "TI",     PLAIN,            20260819,        0) \
    LLMF_MODEL(BEDROCK,    "amazon.nova-lite-v1:0",                      300000,   8192,    60000,    240000,   15000,       -1,       -1, "TI",     PLAIN,            20260819,        0) \
    LLMF_MODEL(BEDROCK,    "amazon.nova-micro-v1:0",                     128000,   8192,    35000,    140000,    8750,       -1,       -1, "T",      PLAIN,            20260819,        0) \
    LLMF_MODEL(BEDROCK,    "amazon.nova-2-lite-v1:0",                    128000,   4096,   330000,   2750000,      -1,       -1,       -1, "TIR",    PLAIN,            20260819,        0) \
    LLMF_MODEL(BEDROCK,    "meta.llama4-maverick-17b-instruct-v1:0",    1000000,  16384,   240000,    970000,      -1,       -1,       -1, "TI",     PLAIN,            20260819,        0) \
    LLMF_MODEL(BEDROCK,    "meta.llama4-scout-17b-instruct-v1:0",       3500000,  16384,   170000,    660000,      -1,       -1,       -1, "TI",     PLAIN,            20260819,        0) \
    LLMF_MODEL(BEDROCK,    "meta.llama3-3-70b-instruct-v1:0",            128000,   4096,   720000,    720000,      -1,       -1,       -1, "T",      PLAIN,            20260819,        0) \
    LLMF_MODEL(BEDROCK,    "meta.llama3-1-70b-instruct-v1:0",            128000,   4096,   720000,    720000,      -1,       -1,       -1, "T",      PLAIN,            20260819,        0) \
    LLMF_MODEL(BEDROCK,    "meta.llama3-1-8b-instruct-v1:0",             128000,   4096,   220000,    220000,      -1,       -1,       -1, "T",      PLAIN,            20260819,        0) \
    LLMF_MODEL(BEDROCK,    "meta.llama3-8b-instruct-v1:0",                 8192,   8192,   300000,    600000,      -1,       -1,       -1, "T",      PLAIN,            20260819,        0)
#else
#define LLMFI_ROWS_MODEL_BEDROCK
#endif
#if LLMF_HAS_PERPLEXITY
#define LLMFI_ROWS_MODEL_PERPLEXITY \
    LLMF_MODEL(PERPLEXITY, "sonar",                                      128000,   4096,  1000000,   1000000,      -1,       -1,       -1, "",       PLAIN,            20260819,        0) \
    LLMF_MODEL(PERPLEXITY, "sonar-pro",                                  200000,   8192,  3000000,  15000000,      -1,       -1,       -1, "I",      PLAIN,            20260819,        0) \
    LLMF_MODEL(PERPLEXITY, "sonar-reasoning-pro",                        128000,   4096,  2000000,   8000000,      -1,       -1,       -1, "IR",     PLAIN,            20260819,        0)
#else
#define LLMFI_ROWS_MODEL_PERPLEXITY
#endif
#if LLMF_HAS_CEREBRAS
#define LLMFI_ROWS_MODEL_CEREBRAS \
    LLMF_MODEL(CEREBRAS,   "gpt-oss-120b",                                   -1,  40960,   350000,    750000,      -1,       -1,       -1, "TRS",    PLAIN,            20260702,        0) \
    LLMF_MODEL(CEREBRAS,   "zai-glm-4.7",                                131072,  40960,  2250000,   2750000,       0,        0,       -1, "TRS",    PLAIN,            20260702,        0)
#else
#define LLMFI_ROWS_MODEL_CEREBRAS
#endif
#if LLMF_HAS_ZAI
#define LLMFI_ROWS_MODEL_ZAI \
    LLMF_MODEL(ZAI,        "glm-5.2",                                   1000000, 131072,  1400000,   4400000,  260000,        0,       -1, "TRS",    PLAIN,            20260702,        0) \
    LLMF_MODEL(ZAI,        "glm-5.1",                                    200000, 131072,  1400000,   4400000,  260000,        0,       -1, "TRS",    PLAIN,            20260702,        0) \
    LLMF_MODEL(ZAI,        "glm-4.7-flash",                              200000, 131072,        0,         0,       0,        0,       -1, "TR",     PLAIN,            20260702,        0)
#else
#define LLMFI_ROWS_MODEL_ZAI
#endif
#if LLMF_HAS_MOONSHOT
#define LLMFI_ROWS_MODEL_MOONSHOT \
    LLMF_MODEL(MOONSHOT,   "kimi-k2.7-code",                             262144, 262144,   950000,   4000000,  190000,       -1,       -1, "TIRS",   PLAIN,            20260702,        0) \
    LLMF_MODEL(MOONSHOT,   "kimi-k2.6",                                  262144, 262144,   950000,   4000000,  160000,       -1,       -1, "TIRS",   PLAIN,            20260702,        0)
#else
#define LLMFI_ROWS_MODEL_MOONSHOT
#endif
#if LLMF_HAS_ALIBABA
#define LLMFI_ROWS_MODEL_ALIBABA \
    LLMF_MODEL(ALIBABA,    "qwen3.7-max",                               1000000,  65536,  2500000,   7500000,  500000,  3125000,       -1, "TR",     PLAIN,            20260702,        0) \
    LLMF_MODEL(ALIBABA,    "qwen3.7-plus",                              1000000,  65536,   500000,   3000000,   50000,   625000,       -1, "TIR",    PLAIN,            20260702,        0) \
    LLMF_MODEL(ALIBABA,    "qwen3.6-flash",                             1000000,  65536,   187500,   1125000,      -1,   234375,       -1, "TIRS",   PLAIN,            20260702,        0)
#else
#define LLMFI_ROWS_MODEL_ALIBABA
#endif
#if LLMF_HAS_VOYAGE
#define LLMFI_ROWS_MODEL_VOYAGE \
    LLMF_MODEL(VOYAGE,     "voyage-3.5",                                  32000,     -1,    60000,         0,      -1,       -1,       -1, "E",      PLAIN,            20260602,        0) \
    LLMF_MODEL(VOYAGE,     "voyage-3.5-lite",                             32000,     -1,    20000,         0,      -1,       -1,       -1, "E",      PLAIN,            20260602,        0) \
    LLMF_MODEL(VOYAGE,     "voyage-3-large",                              32000,     -1,   180000,         0,      -1,       -1,       -1, "E",      PLAIN,            20260602,        0) \
    LLMF_MODEL(VOYAGE,     "voyage-code-3",                               32000,     -1,   180000,         0,      -1,       -1,       -1, "E",      PLAIN,            20260602,        0)
#else
#define LLMFI_ROWS_MODEL_VOYAGE
#endif
#define LLMFI_ROWS_MODEL \
    LLMFI_ROWS_MODEL_OPENAI \
    LLMFI_ROWS_MODEL_ANTHROPIC \
    LLMFI_ROWS_MODEL_GEMINI \
    LLMFI_ROWS_MODEL_MISTRAL \
    LLMFI_ROWS_MODEL_GROQ \
    LLMFI_ROWS_MODEL_DEEPSEEK \
    LLMFI_ROWS_MODEL_XAI \
    LLMFI_ROWS_MODEL_COHERE \
    LLMFI_ROWS_MODEL_BEDROCK \
    LLMFI_ROWS_MODEL_PERPLEXITY \
    LLMFI_ROWS_MODEL_CEREBRAS \
    LLMFI_ROWS_MODEL_ZAI \
    LLMFI_ROWS_MODEL_MOONSHOT \
    LLMFI_ROWS_MODEL_ALIBABA \
    LLMFI_ROWS_MODEL_VOYAGE
#if LLMF_HAS_OPENAI
#define LLMFI_ROWS_TIER_OPENAI \
    LLMF_TIER(OPENAI,    "gpt-5.6",                                   272000, 10000000,  45000000, 1000000, 12500000) \
    LLMF_TIER(OPENAI,    "gpt-5.6-sol",                               272000, 10000000,  45000000, 1000000, 12500000) \
    LLMF_TIER(OPENAI,    "gpt-5.6-terra",                             272000,  4000000,  18000000,  400000,  5000000) \
    LLMF_TIER(OPENAI,    "gpt-5.6-luna",                              272000,   400000,   1800000,   40000,   500000) \
    LLMF_TIER(OPENAI,    "gpt-5.5",                                   272000, 10000000,  45000000, 1000000,       -1) \
    LLMF_TIER(OPENAI,    "gpt-5.5-pro",                               272000, 60000000, 270000000,      -1,       -1) \
    LLMF_TIER(OPENAI,    "gpt-5.4",                                   272000,  5000000,  22500000,  500000,       -1)
#else
#define LLMFI_ROWS_TIER_OPENAI
#endif
#if LLMF_HAS_ANTHROPIC
#define LLMFI_ROWS_TIER_ANTHROPIC \
    LLMF_TIER(ANTHROPIC, "claude-sonnet-4-5",                         200000,  6000000,  22500000,  600000,  7500000) \
    LLMF_TIER(ANTHROPIC, "claude-sonnet-4-5-20250929",                200000,  6000000,  22500000,  600000,  7500000) \
    LLMF_TIER(ANTHROPIC, "claude-sonnet-4-20250514",                  200000,  6000000,  22500000,  600000,  7500000)
#else
#define LLMFI_ROWS_TIER_ANTHROPIC
#endif
#if LLMF_HAS_GEMINI
#define LLMFI_ROWS_TIER_GEMINI \
    LLMF_TIER(GEMINI,    "gemini-3.1-pro-preview",                    200000,  4000000,  18000000,  400000,       -1) \
    LLMF_TIER(GEMINI,    "gemini-2.5-pro",                            200000,  2500000,  15000000,  250000,       -1)
#else
#define LLMFI_ROWS_TIER_GEMINI
#endif
#if LLMF_HAS_XAI
#define LLMFI_ROWS_TIER_XAI \
    LLMF_TIER(XAI,       "grok-4.6",                                  200000,  4000000,  12000000, 1000000,       -1) \
    LLMF_TIER(XAI,       "grok-4.5",                                  200000,  4000000,  12000000,  600000,       -1) \
    LLMF_TIER(XAI,       "grok-4.3",                                  200000,  2500000,   5000000,  400000,       -1) \
    LLMF_TIER(XAI,       "grok-build-0.1",                            200000,  2000000,   4000000,  400000,       -1)
#else
#define LLMFI_ROWS_TIER_XAI
#endif
#if LLMF_HAS_BEDROCK
#define LLMFI_ROWS_TIER_BEDROCK \
    LLMF_TIER(BEDROCK,   "anthropic.claude-sonnet-4-5-20250929-v1:0", 200000,  6000000,  22500000,  600000,  7500000)
#else
#define LLMFI_ROWS_TIER_BEDROCK
#endif
#if LLMF_HAS_ALIBABA
#define LLMFI_ROWS_TIER_ALIBABA \
    LLMF_TIER(ALIBABA,   "qwen3.7-plus",                              256000,  2000000,   6000000,  200000,  2500000)
#else
#define LLMFI_ROWS_TIER_ALIBABA
#endif
#define LLMFI_ROWS_TIER \
    LLMFI_ROWS_TIER_OPENAI \
    LLMFI_ROWS_TIER_ANTHROPIC \
    LLMFI_ROWS_TIER_GEMINI \
    LLMFI_ROWS_TIER_XAI \
    LLMFI_ROWS_TIER_BEDROCK \
    LLMFI_ROWS_TIER_ALIBABA
#define LLMFI_ROWS_FAMILY \
    LLMF_FAMILY(OPENAI,    "gpt-5",             OPENAI_REASONING) \
    LLMF_FAMILY(OPENAI,    "o1",                OPENAI_REASONING) \
    LLMF_FAMILY(OPENAI,    "o1-mini",           OPENAI_O1_MINI) \
    LLMF_FAMILY(OPENAI,    "o3",                OPENAI_REASONING) \
    LLMF_FAMILY(OPENAI,    "o4",                OPENAI_REASONING) \
    LLMF_FAMILY(ANTHROPIC, "",                  CLAUDE_5) \
    LLMF_FAMILY(ANTHROPIC, "claude-2",          CLAUDE_3) \
    LLMF_FAMILY(ANTHROPIC, "claude-3",          CLAUDE_3) \
    LLMF_FAMILY(ANTHROPIC, "claude-3-7",        CLAUDE_4) \
    LLMF_FAMILY(ANTHROPIC, "claude-opus-4",     CLAUDE_4) \
    LLMF_FAMILY(ANTHROPIC, "claude-sonnet-4",   CLAUDE_4) \
    LLMF_FAMILY(ANTHROPIC, "claude-haiku-4",    CLAUDE_4) \
    LLMF_FAMILY(ANTHROPIC, "claude-opus-4-6",   CLAUDE_4_6) \
    LLMF_FAMILY(ANTHROPIC, "claude-sonnet-4-6", CLAUDE_4_6) \
    LLMF_FAMILY(ANTHROPIC, "claude-opus-4-7",   CLAUDE_5) \
    LLMF_FAMILY(ANTHROPIC, "claude-opus-4-8",   CLAUDE_5) \
    LLMF_FAMILY(AZURE,     "gpt-5",             OPENAI_REASONING) \
    LLMF_FAMILY(AZURE,     "o1",                OPENAI_REASONING) \
    LLMF_FAMILY(AZURE,     "o3",                OPENAI_REASONING) \
    LLMF_FAMILY(AZURE,     "o4",                OPENAI_REASONING)
#define LLMFI_ROWS_ERROR_PHRASE \
    LLMF_ERROR_PHRASE("incorrect api key",                          LLMF_ERR_AUTH) \
    LLMF_ERROR_PHRASE("invalid api key",                            LLMF_ERR_AUTH) \
    LLMF_ERROR_PHRASE("invalid_api_key",                            LLMF_ERR_AUTH) \
    LLMF_ERROR_PHRASE("api key not valid",                          LLMF_ERR_AUTH) \
    LLMF_ERROR_PHRASE("api key not found",                          LLMF_ERR_AUTH) \
    LLMF_ERROR_PHRASE("api key is invalid",                         LLMF_ERR_AUTH) \
    LLMF_ERROR_PHRASE("api key expired",                            LLMF_ERR_AUTH) \
    LLMF_ERROR_PHRASE("provide an api key",                         LLMF_ERR_AUTH) \
    LLMF_ERROR_PHRASE("provide your api key",                       LLMF_ERR_AUTH) \
    LLMF_ERROR_PHRASE("missing api key",                            LLMF_ERR_AUTH) \
    LLMF_ERROR_PHRASE("no api key",                                 LLMF_ERR_AUTH) \
    LLMF_ERROR_PHRASE("unregistered callers",                       LLMF_ERR_AUTH) \
    LLMF_ERROR_PHRASE("maximum context length",                     LLMF_ERR_CONTEXT_LENGTH) \
    LLMF_ERROR_PHRASE("context window",                             LLMF_ERR_CONTEXT_LENGTH) \
    LLMF_ERROR_PHRASE("context length of only",                     LLMF_ERR_CONTEXT_LENGTH) \
    LLMF_ERROR_PHRASE("context length is only",                     LLMF_ERR_CONTEXT_LENGTH) \
    LLMF_ERROR_PHRASE("exceeds the context length",                 LLMF_ERR_CONTEXT_LENGTH) \
    LLMF_ERROR_PHRASE("context length exceeded",                    LLMF_ERR_CONTEXT_LENGTH) \
    LLMF_ERROR_PHRASE("prompt is too long",                         LLMF_ERR_CONTEXT_LENGTH) \
    LLMF_ERROR_PHRASE("prompt too long",                            LLMF_ERR_CONTEXT_LENGTH) \
    LLMF_ERROR_PHRASE("input is too long",                          LLMF_ERR_CONTEXT_LENGTH) \
    LLMF_ERROR_PHRASE("input tokens exceeded",                      LLMF_ERR_CONTEXT_LENGTH) \
    LLMF_ERROR_PHRASE("exceeds the maximum number of tokens",       LLMF_ERR_CONTEXT_LENGTH) \
    LLMF_ERROR_PHRASE("exceeds the maximum number of input tokens", LLMF_ERR_CONTEXT_LENGTH) \
    LLMF_ERROR_PHRASE("available context size",                     LLMF_ERR_CONTEXT_LENGTH) \
    LLMF_ERROR_PHRASE("maximum prompt length",                      LLMF_ERR_CONTEXT_LENGTH) \
    LLMF_ERROR_PHRASE("too many input tokens",                      LLMF_ERR_CONTEXT_LENGTH) \
    LLMF_ERROR_PHRASE("too many tokens:",                           LLMF_ERR_CONTEXT_LENGTH) \
    LLMF_ERROR_PHRASE("model identifier is invalid",                LLMF_ERR_NOT_FOUND)
#define LLMFI_ROWS_ERROR_WORD \
    LLMF_ERROR_WORD("context_length_exceeded",       LLMF_ERR_CONTEXT_LENGTH) \
    LLMF_ERROR_WORD("exceed_context_size_error",     LLMF_ERR_CONTEXT_LENGTH) \
    LLMF_ERROR_WORD("too_many_prompt_tokens",        LLMF_ERR_CONTEXT_LENGTH) \
    LLMF_ERROR_WORD("TOO_MANY_TOKENS",               LLMF_ERR_CONTEXT_LENGTH) \
    LLMF_ERROR_WORD("insufficient_quota",            LLMF_ERR_QUOTA) \
    LLMF_ERROR_WORD("billing_error",                 LLMF_ERR_QUOTA) \
    LLMF_ERROR_WORD("ServiceQuotaExceededException", LLMF_ERR_QUOTA) \
    LLMF_ERROR_WORD("rate_limit_exceeded",           LLMF_ERR_RATE_LIMIT) \
    LLMF_ERROR_WORD("rate_limit_error",              LLMF_ERR_RATE_LIMIT) \
    LLMF_ERROR_WORD("rate_limited",                  LLMF_ERR_RATE_LIMIT) \
    LLMF_ERROR_WORD("RESOURCE_EXHAUSTED",            LLMF_ERR_RATE_LIMIT) \
    LLMF_ERROR_WORD("ThrottlingException",           LLMF_ERR_RATE_LIMIT) \
    LLMF_ERROR_WORD("throttlingException",           LLMF_ERR_RATE_LIMIT) \
    LLMF_ERROR_WORD("SlowDown",                      LLMF_ERR_RATE_LIMIT) \
    LLMF_ERROR_WORD("RateLimitReached",              LLMF_ERR_RATE_LIMIT) \
    LLMF_ERROR_WORD("invalid_api_key",               LLMF_ERR_AUTH) \
    LLMF_ERROR_WORD("authentication_error",          LLMF_ERR_AUTH) \
    LLMF_ERROR_WORD("API_KEY_INVALID",               LLMF_ERR_AUTH) \
    LLMF_ERROR_WORD("UNAUTHENTICATED",               LLMF_ERR_AUTH) \
    LLMF_ERROR_WORD("UnrecognizedClientException",   LLMF_ERR_AUTH) \
    LLMF_ERROR_WORD("ExpiredToken",                  LLMF_ERR_AUTH) \
    LLMF_ERROR_WORD("ExpiredTokenException",         LLMF_ERR_AUTH) \
    LLMF_ERROR_WORD("InvalidSignatureException",     LLMF_ERR_AUTH) \
    LLMF_ERROR_WORD("SignatureDoesNotMatch",         LLMF_ERR_AUTH) \
    LLMF_ERROR_WORD("InvalidAccessKeyId",            LLMF_ERR_AUTH) \
    LLMF_ERROR_WORD("permission_error",              LLMF_ERR_PERMISSION) \
    LLMF_ERROR_WORD("PERMISSION_DENIED",             LLMF_ERR_PERMISSION) \
    LLMF_ERROR_WORD("AccessDenied",                  LLMF_ERR_PERMISSION) \
    LLMF_ERROR_WORD("AccessDeniedException",         LLMF_ERR_PERMISSION) \
    LLMF_ERROR_WORD("model_not_found",               LLMF_ERR_NOT_FOUND) \
    LLMF_ERROR_WORD("not_found_error",               LLMF_ERR_NOT_FOUND) \
    LLMF_ERROR_WORD("NOT_FOUND",                     LLMF_ERR_NOT_FOUND) \
    LLMF_ERROR_WORD("invalid_model",                 LLMF_ERR_NOT_FOUND) \
    LLMF_ERROR_WORD("DeploymentNotFound",            LLMF_ERR_NOT_FOUND) \
    LLMF_ERROR_WORD("ResourceNotFoundException",     LLMF_ERR_NOT_FOUND) \
    LLMF_ERROR_WORD("ParameterNotFound",             LLMF_ERR_NOT_FOUND) \
    LLMF_ERROR_WORD("NoSuchKey",                     LLMF_ERR_NOT_FOUND) \
    LLMF_ERROR_WORD("NoSuchBucket",                  LLMF_ERR_NOT_FOUND) \
    LLMF_ERROR_WORD("content_filter",                LLMF_ERR_CONTENT_FILTER) \
    LLMF_ERROR_WORD("content_policy_violation",      LLMF_ERR_CONTENT_FILTER) \
    LLMF_ERROR_WORD("ResponsibleAIPolicyViolation",  LLMF_ERR_CONTENT_FILTER) \
    LLMF_ERROR_WORD("overloaded_error",              LLMF_ERR_OVERLOADED) \
    LLMF_ERROR_WORD("UNAVAILABLE",                   LLMF_ERR_OVERLOADED) \
    LLMF_ERROR_WORD("ServiceUnavailableException",   LLMF_ERR_OVERLOADED) \
    LLMF_ERROR_WORD("serviceUnavailableException",   LLMF_ERR_OVERLOADED) \
    LLMF_ERROR_WORD("ModelNotReadyException",        LLMF_ERR_OVERLOADED) \
    LLMF_ERROR_WORD("ModelTimeoutException",         LLMF_ERR_TIMEOUT) \
    LLMF_ERROR_WORD("modelTimeoutException",         LLMF_ERR_TIMEOUT) \
    LLMF_ERROR_WORD("timeout_error",                 LLMF_ERR_TIMEOUT) \
    LLMF_ERROR_WORD("DEADLINE_EXCEEDED",             LLMF_ERR_TIMEOUT) \
    LLMF_ERROR_WORD("invalid_request_error",         LLMF_ERR_BAD_REQUEST) \
    LLMF_ERROR_WORD("INVALID_ARGUMENT",              LLMF_ERR_BAD_REQUEST) \
    LLMF_ERROR_WORD("ValidationException",           LLMF_ERR_BAD_REQUEST) \
    LLMF_ERROR_WORD("validationException",           LLMF_ERR_BAD_REQUEST)
#define LLMFI_ROWS_ERROR_STATUS \
    LLMF_ERROR_STATUS(401, 401, LLMF_ERR_AUTH) \
    LLMF_ERROR_STATUS(402, 402, LLMF_ERR_QUOTA) \
    LLMF_ERROR_STATUS(403, 403, LLMF_ERR_PERMISSION) \
    LLMF_ERROR_STATUS(404, 404, LLMF_ERR_NOT_FOUND) \
    LLMF_ERROR_STATUS(410, 410, LLMF_ERR_NOT_FOUND) \
    LLMF_ERROR_STATUS(408, 408, LLMF_ERR_TIMEOUT) \
    LLMF_ERROR_STATUS(504, 504, LLMF_ERR_TIMEOUT) \
    LLMF_ERROR_STATUS(424, 424, LLMF_ERR_SERVER) \
    LLMF_ERROR_STATUS(429, 429, LLMF_ERR_RATE_LIMIT) \
    LLMF_ERROR_STATUS(503, 503, LLMF_ERR_OVERLOADED) \
    LLMF_ERROR_STATUS(529, 529, LLMF_ERR_OVERLOADED) \
    LLMF_ERROR_STATUS(300, 499, LLMF_ERR_BAD_REQUEST) \
    LLMF_ERROR_STATUS(500, 599, LLMF_ERR_SERVER)
#define LLMFI_ROWS_FINISH_WORD \
    LLMF_FINISH_WORD("stop",                          LLMF_FINISH_STOP) \
    LLMF_FINISH_WORD("eos",                           LLMF_FINISH_STOP) \
    LLMF_FINISH_WORD("eos_token",                     LLMF_FINISH_STOP) \
    LLMF_FINISH_WORD("end_turn",                      LLMF_FINISH_STOP) \
    LLMF_FINISH_WORD("stop_sequence",                 LLMF_FINISH_STOP) \
    LLMF_FINISH_WORD("STOP",                          LLMF_FINISH_STOP) \
    LLMF_FINISH_WORD("COMPLETE",                      LLMF_FINISH_STOP) \
    LLMF_FINISH_WORD("STOP_SEQUENCE",                 LLMF_FINISH_STOP) \
    LLMF_FINISH_WORD("completed",                     LLMF_FINISH_STOP) \
    LLMF_FINISH_WORD("length",                        LLMF_FINISH_LENGTH) \
    LLMF_FINISH_WORD("max_tokens",                    LLMF_FINISH_LENGTH) \
    LLMF_FINISH_WORD("MAX_TOKENS",                    LLMF_FINISH_LENGTH) \
    LLMF_FINISH_WORD("max_output_tokens",             LLMF_FINISH_LENGTH) \
    LLMF_FINISH_WORD("model_context_window_exceeded", LLMF_FINISH_LENGTH) \
    LLMF_FINISH_WORD("tool_calls",                    LLMF_FINISH_TOOL_CALLS) \
    LLMF_FINISH_WORD("tool_use",                      LLMF_FINISH_TOOL_CALLS) \
    LLMF_FINISH_WORD("function_call",                 LLMF_FINISH_TOOL_CALLS) \
    LLMF_FINISH_WORD("TOOL_CALL",                     LLMF_FINISH_TOOL_CALLS) \
    LLMF_FINISH_WORD("content_filter",                LLMF_FINISH_CONTENT_FILTER) \
    LLMF_FINISH_WORD("content_filtered",              LLMF_FINISH_CONTENT_FILTER) \
    LLMF_FINISH_WORD("guardrail_intervened",          LLMF_FINISH_CONTENT_FILTER) \
    LLMF_FINISH_WORD("SAFETY",                        LLMF_FINISH_CONTENT_FILTER) \
    LLMF_FINISH_WORD("RECITATION",                    LLMF_FINISH_CONTENT_FILTER) \
    LLMF_FINISH_WORD("BLOCKLIST",                     LLMF_FINISH_CONTENT_FILTER) \
    LLMF_FINISH_WORD("PROHIBITED_CONTENT",            LLMF_FINISH_CONTENT_FILTER) \
    LLMF_FINISH_WORD("SPII",                          LLMF_FINISH_CONTENT_FILTER) \
    LLMF_FINISH_WORD("MODEL_ARMOR",                   LLMF_FINISH_CONTENT_FILTER) \
    LLMF_FINISH_WORD("IMAGE_SAFETY",                  LLMF_FINISH_CONTENT_FILTER) \
    LLMF_FINISH_WORD("IMAGE_PROHIBITED_CONTENT",      LLMF_FINISH_CONTENT_FILTER) \
    LLMF_FINISH_WORD("IMAGE_RECITATION",              LLMF_FINISH_CONTENT_FILTER) \
    LLMF_FINISH_WORD("refusal",                       LLMF_FINISH_REFUSAL)
#define LLMF_FINISH_WORD(text, finish) { text, sizeof(text) - 1, finish },
#ifdef LLMF_MODELS_DEF
#include LLMF_MODELS_DEF
#else
LLMFI_ROWS_FINISH_WORD
#undef LLMF_FINISH_WORD
#endif
    };
    size_t i;
    if (!word.len) return LLMF_FINISH_NONE;
    for (i = 0; i < LLMFI_COUNT(words); i++)
        if (llmfi_eq(llmfi_str(words[i].word, words[i].len), word)) return words[i].finish;
    return LLMF_FINISH_OTHER;
}

/* RULES 20, 21. */
static void llmfi_reply_settle_usage(llmfi_reply *r) {
    llmf_usage *u = &r->usage;
    int64_t counted = llmfi_reply_sum(u->input, u->output);
    if (r->chat_counts && u->output >= 0 && u->reasoning > u->output) {
        u->output = llmfi_reply_sum(u->output, u->reasoning);
    } else if (r->chat_counts && u->input >= 0 && u->output >= 0 && r->total_tokens > counted) {
        int64_t more = r->total_tokens - counted;
        if (more == r->audio_tokens) u->input += more;
        else u->output += more;
    }
    if (u->input >= 0 && u->cache_read > u->input) u->cache_read = u->input;
    if (u->input >= 0 && u->cache_write > u->input) u->cache_write = u->input;
    if (u->output >= 0 && u->reasoning > u->output) u->reasoning = u->output;
}

/* RULES 15, 16. */
static void llmfi_reply_settle_finish(llmfi_reply *r) {
    int finish = llmfi_finish_of(r->finish_raw);
    if (finish == LLMF_FINISH_STOP || finish == LLMF_FINISH_NONE) {
        if (r->refused) finish = LLMF_FINISH_REFUSAL;
        else if (r->tools.len) finish = LLMF_FINISH_TOOL_CALLS;
        else if (finish == LLMF_FINISH_NONE) finish = LLMF_FINISH_OTHER;
    }
    r->finish = finish;
}

static llmf_str llmfi_reply_tool_arguments(const llmfi_tool_state *t) {
    return t->empty ? LLMFI_LIT("{}") : llmfi_buf_str(&t->args);
}

/* The ended calls as the response lists them, with a NUL behind each text. */
static void llmfi_reply_settle_calls(llmfi_reply *r) {
    int i, count = llmfi_reply_tool_count(r);
    llmf_tool_call *calls;
    if (!count) return;
    calls = (llmf_tool_call *)llmfi_arena_array(r->arena, (size_t)count, sizeof *calls);
    if (!calls) {
        llmfi_reply_no_memory(r);
        return;
    }
    r->calls = calls;
    for (i = 0; i < count; i++) {
        llmfi_tool_state *t = llmfi_reply_tool(r, i);
        if (!t->ended) continue;
        if (t->args.ptr) t->args.ptr[t->args.len] = '\0';
        calls->id = t->id;
        calls->name = t->name;
        calls->arguments = llmfi_reply_tool_arguments(t);
        calls->invalid = t->invalid;
        calls++;
    }
    r->call_count = (size_t)(calls - r->calls);
}

/* Draws up what all of it amounts to; once. Open calls end here, unless the reply failed: then they are no calls. */
LLMFI_UNUSED static void llmfi_reply_settle(llmfi_reply *r) {
    const llmf_usage *u = &r->usage;
    int i;
    if (r->settled) return;
    r->settled = true;
    for (i = 0; i < llmfi_reply_tool_count(r) && !r->error.code; i++) llmfi_reply_tool_end(r, i);
    llmfi_reply_settle_calls(r);
    llmfi_reply_settle_usage(r);
    if (!r->error.code) llmfi_reply_settle_finish(r);
    if (!r->error.code && (u->input >= 0 || u->output >= 0 || u->cache_read >= 0 || u->cache_write >= 0 || u->reasoning >= 0))
        llmfi_reply_push(r, LLMF_EVENT_USAGE, 0, 0, 0);
}

/* The bytes have ended; whole: as the transport's protocol says they should. Before the terminal event that is TRUNCATED (RULES 25), after it all is well.
   Call it after the adapter's on_end. */
LLMFI_UNUSED static void llmfi_reply_end(llmfi_reply *r, bool whole) {
    if (!r->terminal && !r->error.code) {
        llmfi_text t;
        llmfi_reply_fail(r, LLMF_ERR_TRUNCATED, "");
        t = llmfi_text_in(r->error.text, sizeof r->error.text);
        llmfi_say(&t, r->provider);
        if (whole) LLMFI_SAY(&t, ": the reply ended before its end");
        else LLMFI_SAY(&t, ": the connection broke before the end of the reply");
        llmfi_say_c(&t, r->content ? "; what had arrived is in the response" : "; nothing had arrived: try again");
    }
    llmfi_reply_settle(r);
}

/* A text of the reply as the response shows it: a NUL behind it. Valid until more comes. */
LLMFI_UNUSED static llmf_str llmfi_reply_text_of(llmfi_buf *b) {
    if (!b->ptr || b->len >= b->cap) return llmfi_str("", 0);
    b->ptr[b->len] = '\0';
    return llmfi_buf_str(b);
}

/* ---- taking events ---- */

/* Text that is not kept goes once its events are over. */
static void llmfi_reply_drop_text(llmfi_reply *r, int type, size_t until) {
    llmfi_buf *b = llmfi_reply_buf(r, type);
    size_t *dropped = &r->dropped[type - LLMF_EVENT_TEXT], n = until - *dropped;
    if (n < b->len / 2) return; /* so that the bytes moved are never more than those dropped */
    llmfi_buf_drop(b, n);
    *dropped = until;
    if (!b->len && b->cap > LLMF_REPLY_KEEP) llmfi_buf_free(b);
}

/* The event that was handed out last is over: gives back what it held. Done by llmfi_reply_next; the engine calls it when an event's reader has gone. */
LLMFI_UNUSED static void llmfi_reply_release_events(llmfi_reply *r) {
    const llmfi_queued *q = (const llmfi_queued *)(const void *)r->queue.ptr;
    if (r->retired) {
        llmfi_heap_free(r->heap, r->retired);
        r->retired = NULL;
    }
    r->lent = -1;
    if (!r->queue_head) return;
    q += r->queue_head - 1;
    if (r->discard && q->type <= LLMF_EVENT_REFUSAL) llmfi_reply_drop_text(r, q->type, q->at + q->len);
    if (!llmfi_reply_count(r)) {
        r->queue.len = 0;
        r->queue_head = 0;
        if (r->queue.cap > LLMF_REPLY_KEEP) llmfi_buf_free(&r->queue);
    } else if (r->queue_head >= 64 && r->queue_head >= llmfi_reply_count(r)) {
        llmfi_buf_drop(&r->queue, r->queue_head * sizeof(llmfi_queued));
        r->queue_head = 0;
    }
}

/* The tool of an event; the arguments only once it is whole. */
static const llmf_tool_call *llmfi_reply_view(llmfi_reply *r, const llmfi_queued *q) {
    const llmfi_tool_state *t = llmfi_reply_tool(r, q->index);
    bool whole = q->type == LLMF_EVENT_TOOL_CALL;
    r->view.id = t->id;
    r->view.name = t->name;
    r->view.arguments = whole ? llmfi_reply_tool_arguments(t) : llmfi_str("", 0);
    r->view.invalid = whole && t->invalid;
    return &r->view;
}

/* Takes the next event: type, index, text, tool and usage of *ev are set (call and response are the engine's). Its texts stay where they are until the
   next event is taken, whatever comes in the meantime. False: none waits. */
LLMFI_UNUSED static bool llmfi_reply_next(llmfi_reply *r, llmf_event *ev) {
    const llmfi_queued *q;
    llmfi_reply_release_events(r);
    if (!llmfi_reply_count(r)) return false;
    q = (const llmfi_queued *)(const void *)r->queue.ptr + r->queue_head++;
    memset(ev, 0, sizeof *ev);
    ev->type = q->type;
    ev->index = q->index;
    ev->text = llmfi_str("", 0);
    if (q->type <= LLMF_EVENT_REFUSAL) {
        r->lent = q->type - LLMF_EVENT_TEXT;
        ev->text = llmfi_str(llmfi_reply_buf(r, q->type)->ptr + (q->at - r->dropped[r->lent]), q->len);
    } else if (q->type == LLMF_EVENT_USAGE) {
        ev->usage = &r->usage;
    } else {
        r->lent = 3 + q->index;
        if (q->type == LLMF_EVENT_TOOL_DELTA) ev->text = llmfi_str(llmfi_reply_tool(r, q->index)->args.ptr + q->at, q->len);
        else ev->tool = llmfi_reply_view(r, q);
    }
    return true;
}

/* ---- the public face, for dialects of one's own (llmf_reply_error is in fault.h) ---- */

/* `text`, or a copy in scratch with what is no UTF-8 replaced. */
static llmf_str llmfi_reply_clean(llmfi_reply *r, llmf_str text) {
    char *to;
    if (!text.ptr || llmfi_utf8_valid(text, NULL)) return text.ptr ? text : llmfi_str("", 0);
    to = text.len < (size_t)-1 / 8 ? (char *)llmfi_arena_alloc(&r->scratch, text.len * 3) : NULL;
    if (!to) {
        llmfi_reply_no_memory(r);
        return llmfi_str("", 0);
    }
    return llmfi_str(to, llmfi_utf8_clean(to, text));
}

LLMF_API void llmf_reply_text(llmf_reply *r, llmf_str text) {
    llmfi_reply_text(r, llmfi_reply_clean(r, text));
}

LLMF_API void llmf_reply_reasoning(llmf_reply *r, llmf_str text) {
    llmfi_reply_reasoning(r, llmfi_reply_clean(r, text));
}

LLMF_API void llmf_reply_tool(llmf_reply *r, llmf_str id, llmf_str name, llmf_str arguments) {
    int at = llmfi_reply_tool_begin(r, -1, llmfi_reply_clean(r, id), llmfi_reply_clean(r, name));
    if (at < 0) return;
    llmfi_reply_tool_args(r, at, llmfi_reply_clean(r, arguments));
    llmfi_reply_tool_end(r, at);
}

LLMF_API void llmf_reply_finish(llmf_reply *r, llmf_str word) {
    llmfi_reply_finish(r, llmfi_reply_clean(r, word));
}

LLMF_API void llmf_reply_usage(llmf_reply *r, const llmf_usage *usage) {
    if (usage) r->usage = *usage;
}

LLMF_API void llmf_reply_done(llmf_reply *r) {
    r->terminal = true;
}

#endif

/* Quirks: name in C, name in a config file, what it means. Bits of models.def's quirk column, each of which a config file may set or clear. */
#define LLMFI_QUIRKS(X)                                                                                                                \
    X(MAX_COMPLETION_TOKENS, "max_completion_tokens", "the limit is sent as max_completion_tokens, not max_tokens")                     \
    X(NO_STREAM_OPTIONS, "no_stream_options", "refuses stream_options")                                                                \
    X(DEVELOPER_ROLE, "developer_role", "the system text goes out with role developer")                                                \
    X(SYSTEM_AS_USER, "system_as_user", "knows no system role: the system text leads the first user message")                          \
    X(NO_SAMPLING, "no_sampling", "refuses temperature, top_p and stop: asking for them is UNSUPPORTED")                               \
    X(NO_SCHEMA, "no_schema", "knows JSON mode but no schema: asking for one sends json_object")                                       \
    X(NO_JSON_MODE, "no_json_mode", "knows neither JSON mode nor schema")                                                              \
    X(TOOL_ANY, "tool_any", "tool_choice required is spelt any")                                                                       \
    X(NO_PARALLEL_FIELD, "no_parallel_field", "refuses parallel_tool_calls")                                                           \
    X(NO_STRICT, "no_strict", "refuses strict in a tool")                                                                              \
    X(NO_USER_FIELD, "no_user_field", "refuses user")                                                                                  \
    X(RANDOM_SEED, "random_seed", "the seed is sent as random_seed")                                                                   \
    X(REASONING_OBJECT, "reasoning_object", "effort goes into reasoning: {effort | max_tokens}")                                       \
    X(THINKING_OBJECT, "thinking_object", "reasoning is switched by thinking: {type: enabled | disabled}")                             \
    X(ENABLE_THINKING, "enable_thinking", "reasoning is switched by enable_thinking and thinking_budget")                              \
    X(NO_REASONING, "no_reasoning", "cannot be asked to reason")                                                                       \
    X(BACK_REASONING_CONTENT, "back_reasoning_content", "wants reasoning_content of earlier turns back")                               \
    X(BACK_REASONING_DETAILS, "back_reasoning_details", "wants reasoning_details of earlier turns back")                               \
    X(BACK_REASONING, "back_reasoning", "wants reasoning of earlier turns back")                                                       \
    X(NO_KEY_NEEDED, "no_key_needed", "works without a key; one that is there is sent")                                                \
    X(SAMPLING_OLD_VERSION, "sampling_old_version", "still takes temperature and top_p under the API version 2023-06-01")              \
    X(ADAPTIVE_THINKING, "adaptive_thinking", "reasoning is asked for by effort, not by a token budget")

enum {
#define LLMFI_QUIRK_BIT(id, name, what) LLMFI_QUIRK_AT_##id,
    LLMFI_QUIRKS(LLMFI_QUIRK_BIT)
#undef LLMFI_QUIRK_BIT
    LLMFI_QUIRK_COUNT
};
enum {
    LLMFI_Q_NONE = 0
#define LLMFI_QUIRK_BIT(id, name, what) , LLMFI_Q_##id = 1 << LLMFI_QUIRK_AT_##id
    LLMFI_QUIRKS(LLMFI_QUIRK_BIT)
#undef LLMFI_QUIRK_BIT
};

/* What a model's name stands for, all sources merged. Filled by the factory; texts live as long as the config generation it is part of. */
typedef struct llmfi_settings {
    llmf_str name, provider, model_id, base_url, api_version, deployment, region, description;
    uint32_t quirks;                         /* LLMFI_Q_… */
    int64_t context_window, max_output;      /* tokens; LLMF_UNKNOWN */
    int64_t num_ctx;                         /* Ollama: the window to load the model with; 0: the server's */
    const llmfi_node *extra;                 /* object: members for the body; NULL */
} llmfi_settings;

/* A request ready to be written: req has the config's defaults filled in (temperature, max_tokens incl. the provider's required default, stop,
   prefix and suffix …), always messages (prompt became one), and texts whose lengths are set (content_len, system_len; never "0: NUL"). */
typedef struct llmfi_ask {
    const llmf_request *req;
    const llmfi_settings *model;
    const llmfi_node *extra;                 /* the request's own, parsed; wins over model->extra member by member; NULL */
    const llmfi_node *const *schemas;        /* per tool: its parameters, parsed; NULL where it has none */
    const llmfi_node *format;                /* the response schema, parsed; NULL: text or json as req->format says */
} llmfi_ask;

/* Why a request cannot be sent; text in words, what to do included. */
typedef struct llmfi_refusal {
    int code;                                /* llmf_result; LLMF_OK: it can */
    char text[256];
} llmfi_refusal;

typedef void (*llmfi_header_fn)(void *user, llmf_str name, llmf_str value);

typedef struct llmfi_adapter {
    const char *name;                        /* of the dialect, as models.def and config files spell it */
    /* Says what this dialect or model cannot be asked. NULL: everything can. */
    void (*check)(const llmfi_ask *ask, llmfi_refusal *refusal);
    /* What follows the base URL, percent-encoded. */
    void (*path)(const llmfi_ask *ask, llmfi_out *out);
    /* Headers beyond Content-Type, Accept and authorization. NULL: none. */
    void (*headers)(const llmfi_ask *ask, llmfi_header_fn header, void *user);
    /* The body, in steps from 0: writes step `step` and returns true when there is one more. A step begins where the last ended (the writer `w` carries the
       nesting) and always writes the same bytes; its size is bounded by one message or one tool, so that a body of any size goes through a small window. */
    bool (*body)(const llmfi_ask *ask, unsigned step, llmfi_jw *w);
    int framing, stream_framing;             /* of a reply with status 200: LLMF_FRAMING_… */
    /* One frame of a reply with status 200: the whole body, an event or a line. */
    void (*on_frame)(llmfi_reply *r, llmf_str event, llmf_str data);
    /* The bytes have ended without an error of the transport: says what is missing. NULL: reply->terminal decides alone. */
    void (*on_end)(llmfi_reply *r);
} llmfi_adapter;

#endif

/* Plain data: copy it to remember a place. */
typedef struct llmfi_body {
    const llmfi_adapter *adapter;
    const llmfi_ask *ask;
    uint64_t at;                             /* bytes read so far */
    unsigned step;                           /* the step that byte `at` is in, … */
    uint64_t start;                          /* … where it begins, … */
    llmfi_jw w;                              /* … and the writer there (its `out` means nothing) */
    bool over;                               /* no step is left */
    bool bad;                                /* the adapter misused its writer: the body is no JSON, and ends here */
} llmfi_body;

/* adapter and ask stay the caller's, unchanged as long as the body is read. */
LLMFI_UNUSED static void llmfi_body_init(llmfi_body *b, const llmfi_adapter *adapter, const llmfi_ask *ask) {
    memset(b, 0, sizeof *b);
    b->adapter = adapter;
    b->ask = ask;
    llmfi_jw_init(&b->w, NULL);
}

LLMFI_UNUSED static void llmfi_body_rewind(llmfi_body *b) {
    llmfi_body_init(b, b->adapter, b->ask);
}

/* One step from the checkpoint into `o`; moves the checkpoint behind it if `until`, the bytes that are then read, covers it. */
static void llmfi_body_step(llmfi_body *b, llmfi_out *o, uint64_t until) {
    llmfi_jw w = b->w;
    bool more;
    w.out = o;
    more = b->adapter->body(b->ask, b->step, &w);
    if (w.bad) b->bad = true;
    if (b->bad) b->over = true;
    if (b->bad || until < b->start + o->total) return;
    b->start += o->total;
    b->step++;
    b->w = w;
    b->over = !more;
}

/* The next bytes, at most cap; 0: no more (or cap is 0). */
LLMFI_UNUSED static size_t llmfi_body_read(llmfi_body *b, char *out, size_t cap) {
    size_t n = 0;
    while (n < cap && !b->over) {
        llmfi_out o;
        uint64_t start = b->start;
        llmfi_out_window(&o, out + n, cap - n, b->at - start);
        llmfi_body_step(b, &o, start + (b->at - start) + (cap - n));
        n += o.len;
        b->at += o.len;
    }
    return n;
}

/* All of it, from the start, into `o`: a counter, a hash (its tap), a buffer. False: the adapter misused its writer. */
LLMFI_UNUSED static bool llmfi_body_emit(const llmfi_adapter *adapter, const llmfi_ask *ask, llmfi_out *o) {
    unsigned step = 0;
    llmfi_jw w;
    llmfi_jw_init(&w, o);
    while (adapter->body(ask, step++, &w) && !w.bad) continue;
    return llmfi_jw_done(&w);
}

/* Its length, in one pass. False: as llmfi_body_emit. */
LLMFI_UNUSED static bool llmfi_body_length(const llmfi_adapter *adapter, const llmfi_ask *ask, uint64_t *length) {
    llmfi_out o;
    bool good;
    llmfi_out_count(&o);
    good = llmfi_body_emit(adapter, ask, &o);
    *length = o.total;
    return good;
}

/* ---- what several dialects need ---- */

/* A refusal with a field's name in front: "temperature: this model refuses it". The first stays. */
LLMFI_UNUSED static void llmfi_refuse(llmfi_refusal *refusal, int code, const char *field, const char *text) {
    llmfi_text t;
    if (refusal->code != LLMF_OK) return;
    t = llmfi_text_in(refusal->text, sizeof refusal->text);
    refusal->code = code;
    llmfi_say_c(&t, field);
    LLMFI_SAY(&t, ": ");
    llmfi_say_c(&t, text);
}

/* The extra member of that name, the request's before the model's; NULL: there is none. */
LLMFI_UNUSED static const llmfi_node *llmfi_extra(const llmfi_ask *a, llmf_str name) {
    const llmfi_node *n = llmfi_member(a->extra, name);
    return n ? n : llmfi_member(a->model->extra, name);
}

/* Writes all extra members into the object that is open. What the dialect itself has written must not be among them: ask llmfi_extra first. */
LLMFI_UNUSED static void llmfi_extra_write(const llmfi_ask *a, llmfi_jw *w) {
    const llmfi_node *from[2], *n;
    int i;
    from[0] = a->model->extra;
    from[1] = a->extra;
    for (i = 0; i < 2; i++)
        for (n = from[i] && from[i]->type == LLMFI_OBJECT ? from[i]->child : NULL; n; n = n->next) {
            if (i == 0 && llmfi_member(a->extra, n->key)) continue;
            llmfi_jw_key_str(w, n->key);
            llmfi_node_write(w, n);
        }
}

/* "4096 tokens": true, and the number. */
LLMFI_UNUSED static bool llmfi_reasoning_tokens(const char *reasoning, int64_t *tokens) {
    llmf_str s = llmfi_trim(llmfi_cstr(reasoning));
    if (!llmfi_ends(s, LLMFI_LIT("tokens"))) return false;
    return llmfi_parse_int(llmfi_trim(llmfi_str(s.ptr, s.len - 6)), tokens) && *tokens > 0;
}

/* What a content_len, text_len … of the engine's stands for. */
LLMFI_UNUSED static llmf_str llmfi_text_at(const char *ptr, size_t len) {
    return llmfi_str(ptr ? ptr : "", ptr ? len : 0);
}

/* The media type of a part: as given, else by its first bytes, else by its name. */
LLMFI_UNUSED static llmf_str llmfi_part_media(const llmf_part *p) {
    static const struct {
        const char *bytes;
        size_t at, len;
        const char *media;
    } magic[] = {
        { "\x89PNG", 0, 4, "image/png" }, { "\xff\xd8\xff", 0, 3, "image/jpeg" }, { "GIF8", 0, 4, "image/gif" }, { "WEBP", 8, 4, "image/webp" },
        { "%PDF", 0, 4, "application/pdf" }, { "WAVE", 8, 4, "audio/wav" }, { "ID3", 0, 3, "audio/mpeg" }, { "\xff\xfb", 0, 2, "audio/mpeg" },
        { "\xff\xf3", 0, 2, "audio/mpeg" }, { "OggS", 0, 4, "audio/ogg" }, { "fLaC", 0, 4, "audio/flac" }, { "ftypM4A", 4, 7, "audio/mp4" },
        { "ftyp", 4, 4, "video/mp4" }
    };
    static const struct {
        const char *end, *media;
    } names[] = {
        { ".png", "image/png" }, { ".jpg", "image/jpeg" }, { ".jpeg", "image/jpeg" }, { ".gif", "image/gif" }, { ".webp", "image/webp" },
        { ".pdf", "application/pdf" }, { ".wav", "audio/wav" }, { ".mp3", "audio/mpeg" }, { ".ogg", "audio/ogg" }, { ".flac", "audio/flac" },
        { ".m4a", "audio/mp4" }, { ".txt", "text/plain" }, { ".md", "text/markdown" }, { ".csv", "text/csv" }, { ".json", "application/json" },
        { ".html", "text/html" }
    };
    const char *data = (const char *)p->data;
    llmf_str name = llmfi_cstr(p->name ? p->name : p->path ? p->path : "");
    size_t i;
    if (p->media_type && *p->media_type) return llmfi_cstr(p->media_type);
    for (i = 0; data && i < LLMFI_COUNT(magic); i++)
        if (p->data_len >= magic[i].at + magic[i].len && memcmp(data + magic[i].at, magic[i].bytes, magic[i].len) == 0) return llmfi_cstr(magic[i].media);
    for (i = 0; i < LLMFI_COUNT(names); i++) {
        llmf_str end = llmfi_cstr(names[i].end);
        if (name.len > end.len && llmfi_eq_nocase(llmfi_from(name, name.len - end.len), end)) return llmfi_cstr(names[i].media);
    }
    return p->type == LLMF_PART_IMAGE ? LLMFI_LIT("image/png") : p->type == LLMF_PART_AUDIO ? LLMFI_LIT("audio/wav") : LLMFI_LIT("application/octet-stream");
}

/* "data:image/png;base64,AAAA": true, its media type and its base64 text. */
LLMFI_UNUSED static bool llmfi_data_url(llmf_str url, llmf_str *media, llmf_str *base64) {
    size_t comma = llmfi_find_char(url, ','), semicolon;
    llmf_str head;
    if (comma == LLMFI_NOWHERE || url.len < 5 || !llmfi_eq_nocase(llmfi_str(url.ptr, 5), LLMFI_LIT("data:"))) return false;
    head = llmfi_str(url.ptr + 5, comma - 5);
    if (head.len < 7 || !llmfi_eq_nocase(llmfi_from(head, head.len - 7), LLMFI_LIT(";base64"))) return false;
    semicolon = llmfi_find_char(head, ';');
    *media = llmfi_str(head.ptr, semicolon);
    *base64 = llmfi_from(url, comma + 1);
    return true;
}

#endif
/* The system's clocks and random bytes, used where llmf_desc gives none. */
#ifndef LLMFI_BASE_CLOCK_H
#define LLMFI_BASE_CLOCK_H
#if defined(_WIN32)
#include <windows.h>
#else
#include <time.h>
#endif

/* Monotonic nanoseconds. */
LLMFI_UNUSED static uint64_t llmfi_clock_ns(void) {
#if defined(_WIN32)
    LARGE_INTEGER now, per_second;
    QueryPerformanceCounter(&now);
    QueryPerformanceFrequency(&per_second);
    return (uint64_t)now.QuadPart / (uint64_t)per_second.QuadPart * 1000000000u +
           (uint64_t)now.QuadPart % (uint64_t)per_second.QuadPart * 1000000000u / (uint64_t)per_second.QuadPart;
#else
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
#endif
}

#endif
/* From a name to a handle that is ready: settings resolved, defaults merged, adapter found. The same name gives the same handle. At most `max_prepared` handles keep what
   was prepared (least recently used goes first); the id itself stays good and is prepared again when next used, also after a reload. */
#ifndef LLMFI_FACTORY_HANDLES_H
#define LLMFI_FACTORY_HANDLES_H
/* The dialects of this build, in one table. A new dialect is its file, one row here and its option. */
#ifndef LLMFI_PROVIDERS_ADAPTERS_H
#define LLMFI_PROVIDERS_ADAPTERS_H
/* What adapters share stands before the first #if: a part is joined where it is first included. */
/* What the readers of several dialects have in common: small steps over the JSON of a frame. */
#ifndef LLMFI_PROVIDERS_COMMON_H
#define LLMFI_PROVIDERS_COMMON_H

/* The next value: its token. An array or object is passed over whole. */
LLMFI_UNUSED static int llmfi_json_scalar(llmfi_json *j) {
    int token = llmfi_json_next(j);
    if (token == LLMFI_J_OBJECT || token == LLMFI_J_ARRAY) llmfi_json_skip(j);
    return token;
}

/* The next value: true where it is that container (LLMFI_J_OBJECT, _ARRAY), which is now open. Anything else is passed over. */
LLMFI_UNUSED static bool llmfi_json_enter(llmfi_json *j, int container) {
    int token = llmfi_json_next(j);
    if (token == container) return true;
    if (token == LLMFI_J_OBJECT || token == LLMFI_J_ARRAY) llmfi_json_skip(j);
    return false;
}

/* The next value as its raw text between the quotes; anything but a string leaves *raw as it is. */
LLMFI_UNUSED static void llmfi_json_take_raw(llmfi_json *j, llmf_str *raw) {
    if (llmfi_json_scalar(j) == LLMFI_J_STRING) *raw = j->text;
}

/* A reader that stands at a string whose raw text was put aside. */
LLMFI_UNUSED static llmfi_json llmfi_json_at_raw(llmf_str raw) {
    llmfi_json j;
    memset(&j, 0, sizeof j);
    j.text = raw;
    j.token = LLMFI_J_STRING;
    j.escaped = llmfi_find_char(raw, '\\') != LLMFI_NOWHERE;
    j.wide = true;
    return j;
}

/* The same, decoded. */
LLMFI_UNUSED static llmf_str llmfi_reply_raw(llmfi_reply *r, llmf_str raw) {
    llmfi_json j = llmfi_json_at_raw(raw);
    return raw.len ? llmfi_reply_string(r, &j) : llmfi_str("", 0);
}

/* A tool call that comes in one piece. id and name: raw texts. args: raw JSON, as a rule an object; a string is the arguments' own text. */
LLMFI_UNUSED static void llmfi_reply_whole_call(llmfi_reply *r, llmf_str id, llmf_str name, llmf_str args) {
    int at;
    id = llmfi_reply_raw(r, id);
    at = llmfi_reply_tool_begin(r, -1, id, llmfi_reply_raw(r, name));
    if (at < 0) return;
    if (args.len > 1 && args.ptr[0] == '"') {
        llmfi_json text = llmfi_json_at_raw(llmfi_str(args.ptr + 1, args.len - 2));
        llmfi_reply_tool_args_json(r, at, &text);
    } else if (!LLMFI_IS(args, "null")) {
        llmfi_reply_tool_args(r, at, llmfi_reply_clean(r, args));
    }
    llmfi_reply_tool_end(r, at);
}

/* The object or value of a frame has been read: true when nothing else stands in it. False: the reply is told. */
LLMFI_UNUSED static bool llmfi_frame_end(llmfi_reply *r, llmfi_json *j, llmf_str frame) {
    if (!j->error && llmfi_json_next(j) == LLMFI_J_END) return true;
    llmfi_reply_bad_frame(r, j, frame);
    return false;
}

/* JSON, but not what this dialect says (RULES 28). */
LLMFI_UNUSED static void llmfi_frame_foreign(llmfi_reply *r, const char *what) {
    llmfi_text t;
    if (r->error.code != LLMF_OK) return;
    llmfi_reply_fail(r, LLMF_ERR_PROTOCOL, "");
    t = llmfi_text_in(r->error.text, sizeof r->error.text);
    llmfi_say(&t, r->provider);
    LLMFI_SAY(&t, ": the reply is JSON, but not ");
    llmfi_say_c(&t, what);
    LLMFI_SAY(&t, ": are the base URL and the dialect right?");
}

/* Arguments where the protocol wants an object: what is none goes back as the text that it is. */
LLMFI_UNUSED static void llmfi_jw_arguments(llmfi_jw *w, const llmf_tool_call *c) {
    llmf_str args = llmfi_trim(c->arguments);
    if (!args.len) args = LLMFI_LIT("{}");
    if (!c->invalid && args.ptr[0] == '{') {
        llmfi_jw_raw(w, args);
        return;
    }
    llmfi_jw_object(w);
    llmfi_jw_member_str(w, "arguments_raw", c->arguments);
    llmfi_jw_object_end(w);
}

#endif
/* What a provider's error means: every form of error body there is, of any provider, becomes one llmf_error. Which words, phrases and statuses mean
   what are rows of models.def; their order is that of RULES 29. */
#ifndef LLMFI_PROVIDERS_FAULT_H
#define LLMFI_PROVIDERS_FAULT_H

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

/* The result of a word, or LLMF_OK where no row has it. */
static int llmfi_fault_of_word(llmf_str word) {
    static const struct {
        const char *word;
        size_t len;
        int result;
    } rows[] = {
#define LLMF_ERROR_WORD(text, result) { text, sizeof(text) - 1, result },
#ifdef LLMF_MODELS_DEF
#include LLMF_MODELS_DEF
#else
LLMFI_ROWS_ERROR_WORD
#undef LLMF_ERROR_WORD
#endif
    };
    size_t i;
    for (i = 0; i < LLMFI_COUNT(rows); i++)
        if (llmfi_eq(llmfi_str(rows[i].word, rows[i].len), word)) return rows[i].result;
    return LLMF_OK;
}

/* True when the message holds a phrase of that result. */
static bool llmfi_fault_says(llmf_str message, int result) {
    static const struct {
        const char *phrase;
        size_t len;
        int result;
    } rows[] = {
#define LLMF_ERROR_PHRASE(text, result) { text, sizeof(text) - 1, result },
#ifdef LLMF_MODELS_DEF
#include LLMF_MODELS_DEF
#else
LLMFI_ROWS_ERROR_PHRASE
#undef LLMF_ERROR_PHRASE
#endif
    };
    size_t i;
    for (i = 0; i < LLMFI_COUNT(rows); i++)
        if (rows[i].result == result && llmfi_find_nocase(message, llmfi_str(rows[i].phrase, rows[i].len)) != LLMFI_NOWHERE) return true;
    return false;
}

/* The result of a status, or LLMF_OK where no row has it: it is no error, or there is none. */
static int llmfi_fault_of_status(int64_t status) {
    static const struct {
        int from, to, result;
    } rows[] = {
#define LLMF_ERROR_STATUS(from, to, result) { from, to, result },
#ifdef LLMF_MODELS_DEF
#include LLMF_MODELS_DEF
#else
LLMFI_ROWS_ERROR_STATUS
#undef LLMF_ERROR_STATUS
#endif
    };
    size_t i;
    for (i = 0; i < LLMFI_COUNT(rows); i++)
        if (status >= rows[i].from && status <= rows[i].to) return rows[i].result;
    return LLMF_OK;
}

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

static bool llmfi_fault_key_char(char c) {
    char l = llmfi_lower(c);
    return (l >= 'a' && l <= 'z') || llmfi_is_digit(c) || c == '_' || c == '-' || c == '.';
}

/* How long the key is that begins at the front of `s`; 0: none does. One that its owner has masked (sk-12***89) is none. */
static size_t llmfi_fault_key(llmf_str s) {
    static const char *const begins[] = { "sk-", "sk_", "gsk_", "hf_", "xai-", "AIza", "AKIA", "ASIA", "pplx-", "nvapi-", "csk-", "r8_", "ya29.", "eyJ", "ABSK" };
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
    return llmfi_fault_scrub(text, llmfi_fault_hide(text, len, r->key));
}

/* ---- telling ---- */

/* What to do about it. Which variable holds the key, the engine says. */
static const char *llmfi_fault_advice(int code) {
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
}

static void llmfi_fault_sentence(llmfi_reply *r) {
    llmf_error *e = &r->error;
    llmfi_text t = llmfi_text_in(e->text, sizeof e->text);
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
    if (e->http_status || e->provider_code[0]) LLMFI_SAY(&t, " (");
    if (e->http_status) {
        LLMFI_SAY(&t, "HTTP ");
        llmfi_say_int(&t, e->http_status);
    }
    if (e->http_status && e->provider_code[0]) LLMFI_SAY(&t, ", ");
    llmfi_say_c(&t, e->provider_code);
    if (e->http_status || e->provider_code[0]) LLMFI_SAY(&t, ")");
    if (*advice) LLMFI_SAY(&t, "; ");
    llmfi_say_c(&t, advice);
}

/* Ends the reply in an error of the provider's; the first error stays. code: llmf_result; word and message: the provider's own, valid UTF-8, may be empty. */
LLMFI_UNUSED static void llmfi_fault_tell(llmfi_reply *r, int code, llmf_str word, llmf_str message) {
    llmf_error *e = &r->error;
    llmfi_text t;
    char *kept;
    if (e->code != LLMF_OK) return;
    e->code = code;
    e->http_status = r->status;
    t = llmfi_text_in(e->provider_code, sizeof e->provider_code);
    llmfi_say(&t, word);
    e->provider_code[llmfi_fault_clean(r, e->provider_code, t.len)] = '\0';
    e->message = llmfi_str("", 0);
    kept = message.len && message.len < (size_t)-1 / 4 ? (char *)llmfi_arena_alloc(r->arena, message.len + 1) : NULL;
    if (kept) {
        memcpy(kept, message.ptr, message.len);
        e->message = llmfi_str(kept, llmfi_fault_clean(r, kept, message.len));
        kept[e->message.len] = '\0';
    }
    llmfi_fault_sentence(r);
}

static void llmfi_fault_decide(llmfi_reply *r, llmfi_fault *f) {
    int64_t status = r->status >= 300 ? r->status : f->status;
    int code = llmfi_fault_class(f, status);
    if (code == LLMF_ERR_CONTENT_FILTER) r->blocked = true;
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

static void llmfi_fault_part(llmfi_fault *f, const char *between, const llmfi_json *j) {
    if (f->message.len) llmfi_buf_add(&f->message, between, strlen(between));
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

static void llmfi_fault_object_in(llmfi_reply *r, llmfi_fault *f, llmfi_json *j, int depth);

/* A value that is the message, or has it inside: text, a list of texts or details, an object. worth: of two at the same depth the one worth more counts. */
static void llmfi_fault_message(llmfi_reply *r, llmfi_fault *f, llmfi_json *j, int depth, int worth) {
    int token = llmfi_json_next(j);
    if (token == LLMFI_J_STRING) {
        if (llmfi_fault_speak(f, 2 * depth + worth) && !f->message.len) llmfi_json_add(j, &f->message);
    } else if (token == LLMFI_J_OBJECT) {
        llmfi_fault_object_in(r, f, j, depth + 1);
    } else if (token == LLMFI_J_ARRAY) {
        bool speaks = llmfi_fault_speak(f, 2 * depth + worth) && !f->message.len;
        while ((token = llmfi_json_next(j)) > 0 && token != LLMFI_J_ARRAY_END) {
            if (token == LLMFI_J_STRING && speaks) llmfi_fault_part(f, "; ", j);
            else if (token == LLMFI_J_OBJECT && speaks) llmfi_fault_detail(f, j);
            else if (token == LLMFI_J_OBJECT || token == LLMFI_J_ARRAY) llmfi_json_skip(j);
        }
    }
}

/* code, status, status_code: a word, or a status as a number or as digits. */
static void llmfi_fault_number(llmfi_reply *r, llmfi_fault *f, llmfi_json *j, int which, int depth) {
    int token = llmfi_json_next(j);
    int64_t n = 0;
    if (token == LLMFI_J_OBJECT || token == LLMFI_J_ARRAY) llmfi_json_skip(j);
    if (token != LLMFI_J_STRING && token != LLMFI_J_NUMBER) return;
    if (which >= 0) llmfi_fault_word(f, which, llmfi_reply_string(r, j), depth);
    if (llmfi_parse_int(j->text, &n) && n >= 300 && n <= 599 && (!f->status || which == LLMFI_FAULT_CODE)) f->status = n;
}

static void llmfi_fault_string(llmfi_reply *r, llmfi_fault *f, llmfi_json *j, int which, int depth) {
    int token = llmfi_json_next(j);
    if (token == LLMFI_J_STRING) {
        llmf_str word = llmfi_reply_string(r, j);
        size_t sharp = which == LLMFI_FAULT_AWS ? llmfi_find_char(word, '#') : LLMFI_NOWHERE;
        llmfi_fault_word(f, which, sharp == LLMFI_NOWHERE ? word : llmfi_from(word, sharp + 1), depth);
    } else if (token == LLMFI_J_OBJECT || token == LLMFI_J_ARRAY) {
        llmfi_json_skip(j);
    }
}

/* innererror: {code}; details: [{reason}]. Deep things: of each the first word. */
static void llmfi_fault_inner(llmfi_reply *r, llmfi_fault *f, llmfi_json *j, int which, int depth) {
    int token = llmfi_json_next(j);
    bool array = token == LLMFI_J_ARRAY;
    if (array) token = llmfi_json_next(j);
    while (token == LLMFI_J_OBJECT) {
        while (llmfi_json_next(j) == LLMFI_J_KEY)
            if (which == LLMFI_FAULT_INNER ? LLMFI_KEY(j, "code") : LLMFI_KEY(j, "reason")) llmfi_fault_string(r, f, j, which, depth);
            else llmfi_json_skip(j);
        if (!array || j->token != LLMFI_J_OBJECT_END) return;
        token = llmfi_json_next(j);
    }
    while (array && token > 0 && token != LLMFI_J_ARRAY_END) { /* a list of other things */
        if (token == LLMFI_J_OBJECT || token == LLMFI_J_ARRAY) llmfi_json_skip(j);
        token = llmfi_json_next(j);
    }
}

/* The members of an object that was just opened. */
static void llmfi_fault_object_in(llmfi_reply *r, llmfi_fault *f, llmfi_json *j, int depth) {
    if (depth > LLMFI_FAULT_DEPTH) {
        llmfi_json_skip(j);
        return;
    }
    while (llmfi_json_next(j) == LLMFI_J_KEY) {
        if (LLMFI_KEY(j, "message") || LLMFI_KEY(j, "Message") || LLMFI_KEY(j, "detail") || LLMFI_KEY(j, "msg") || LLMFI_KEY(j, "errors"))
            llmfi_fault_message(r, f, j, depth, 1);
        else if (LLMFI_KEY(j, "error")) llmfi_fault_message(r, f, j, depth, 0);
        else if (LLMFI_KEY(j, "code")) llmfi_fault_number(r, f, j, LLMFI_FAULT_CODE, depth);
        else if (LLMFI_KEY(j, "status_code")) llmfi_fault_number(r, f, j, -1, depth);
        else if (LLMFI_KEY(j, "status")) llmfi_fault_number(r, f, j, LLMFI_FAULT_STATUS, depth);
        else if (LLMFI_KEY(j, "type") || LLMFI_KEY(j, "error_type")) llmfi_fault_string(r, f, j, LLMFI_FAULT_TYPE, depth);
        else if (LLMFI_KEY(j, "__type")) llmfi_fault_string(r, f, j, LLMFI_FAULT_AWS, depth);
        else if (LLMFI_KEY(j, "innererror")) llmfi_fault_inner(r, f, j, LLMFI_FAULT_INNER, depth);
        else if (LLMFI_KEY(j, "details")) llmfi_fault_inner(r, f, j, LLMFI_FAULT_REASON, depth);
        else llmfi_json_skip(j);
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
                i += strlen(entities[e].entity) - 1;
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

/* ---- the two ways in ---- */

static void llmfi_fault_init(llmfi_reply *r, llmfi_fault *f) {
    int i;
    memset(f, 0, sizeof *f);
    llmfi_buf_init(&f->message, r->heap, 0);
    for (i = 0; i < LLMFI_FAULT_WORDS; i++) f->word[i] = llmfi_str("", 0);
}

/* A reply with another status than 2xx, of any provider: r->error is filled. amzn: the value of x-amzn-errortype; empty: none. What Retry-After says is
   the engine's to add. */
LLMFI_UNUSED static void llmfi_fault_body(llmfi_reply *r, int status, llmf_str body, llmf_str amzn) {
    llmfi_fault f;
    size_t colon = llmfi_find_char(amzn, ':'), sharp;
    if (r->error.code) return;
    r->status = status;
    llmfi_fault_init(r, &f);
    if (colon != LLMFI_NOWHERE) amzn.len = colon;
    sharp = llmfi_find_char(amzn, '#');
    amzn = llmfi_trim(sharp == LLMFI_NOWHERE ? amzn : llmfi_from(amzn, sharp + 1));
    llmfi_fault_word(&f, LLMFI_FAULT_AMZN, llmfi_reply_clean(r, amzn), 0);
    body = llmfi_trim(body);
    if (llmfi_starts(body, LLMFI_LIT("\xEF\xBB\xBF"))) body = llmfi_trim(llmfi_from(body, 3));
    if (llmfi_starts(body, LLMFI_LIT("data:")) || llmfi_starts(body, LLMFI_LIT("event:"))) { /* framed as a stream all the same */
        size_t brace = llmfi_find_char(body, '{');
        if (brace != LLMFI_NOWHERE) body = llmfi_from(body, brace);
    }
    if (body.len && body.ptr[0] == '<') llmfi_fault_xml(r, &f, body);
    else if (!body.len || !strchr("{[\"", body.ptr[0]) || (!llmfi_fault_json(r, &f, body) && !f.message.len))
        llmfi_fault_markup(r, &f, body);
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

LLMF_API void llmf_reply_error(llmf_reply *r, int result, llmf_str provider_code, llmf_str message) {
    llmf_str word = llmfi_reply_clean(r, provider_code);
    llmfi_fault_tell(r, result == LLMF_OK ? LLMF_ERR_SERVER : result, word, llmfi_reply_clean(r, message));
}

#endif
#if LLMF_HAS_DIALECT_OPENAI
/* Chat Completions (OpenAI API reference, chat/create), the dialect of OpenAI and of most hosts. What hosts do differently is quirks for requests, and for
   replies read generously: any order of members, any place of usage, each form of reasoning and of streamed tool calls that has been seen. */
#ifndef LLMFI_PROVIDERS_OPENAI_H
#define LLMFI_PROVIDERS_OPENAI_H

static bool llmfi_openai_quirk(const llmfi_ask *a, uint32_t quirk) {
    return (a->model->quirks & quirk) != 0;
}

/* ==== requests ==================================================================================================== */

/* ---- what cannot be said ---- */

static void llmfi_openai_check_sampling(const llmfi_ask *a, llmfi_refusal *f) {
    const llmf_request *q = a->req;
    if (!llmfi_openai_quirk(a, LLMFI_Q_NO_SAMPLING)) return;
    /* 1 is what these models do anyway */
    if (q->temperature != 0 && q->temperature != 1)
        llmfi_refuse(f, LLMF_ERR_UNSUPPORTED, "temperature", "this model takes none; leave it out, or take another model");
    if (q->top_p != 0 && q->top_p != 1) llmfi_refuse(f, LLMF_ERR_UNSUPPORTED, "top_p", "this model takes none; leave it out, or take another model");
    if (q->stop_count) llmfi_refuse(f, LLMF_ERR_UNSUPPORTED, "stop", "this model takes none; leave them out, or take another model");
}

static void llmfi_openai_check_reasoning(const llmfi_ask *a, llmfi_refusal *f) {
    const char *reasoning = a->req->reasoning;
    int64_t tokens;
    bool none = reasoning && strcmp(reasoning, "none") == 0;
    if (!reasoning || !*reasoning) return;
    if (llmfi_openai_quirk(a, LLMFI_Q_NO_REASONING)) {
        if (!none) llmfi_refuse(f, LLMF_ERR_UNSUPPORTED, "reasoning", "this model cannot be asked to reason; leave it out, or take another model");
    } else if (llmfi_reasoning_tokens(reasoning, &tokens) && !llmfi_openai_quirk(a, LLMFI_Q_REASONING_OBJECT | LLMFI_Q_ENABLE_THINKING)) {
        llmfi_refuse(f, LLMF_ERR_UNSUPPORTED, "reasoning", "this provider takes no number of tokens; ask for none, low, medium or high");
    }
}

static void llmfi_openai_check_part(const llmf_message *m, const llmf_part *p, llmfi_refusal *f) {
    llmf_str media, base64, url = llmfi_cstr(p->url);
    if (p->type == LLMF_PART_TEXT) return;
    if (m->role != LLMF_USER) {
        llmfi_refuse(f, LLMF_ERR_UNSUPPORTED, "messages.parts", "images, audio and files can only stand in a user message here");
    } else if (!p->data && !url.len) {
        llmfi_refuse(f, LLMF_ERR_ARGUMENT, "messages.parts", "a part needs data, path or url");
    } else if (p->type != LLMF_PART_IMAGE && !p->data && !llmfi_data_url(url, &media, &base64)) {
        llmfi_refuse(f, LLMF_ERR_UNSUPPORTED, "messages.parts.url", p->type == LLMF_PART_AUDIO ? "audio cannot be sent as a URL here; give its data or path"
                                                                                               : "a file cannot be sent as a URL here; give its data or path");
    }
}

static void llmfi_openai_check(const llmfi_ask *a, llmfi_refusal *f) {
    const llmf_request *q = a->req;
    size_t i, k;
    llmfi_openai_check_sampling(a, f);
    llmfi_openai_check_reasoning(a, f);
    for (i = 0; i < q->message_count; i++)
        for (k = 0; k < q->messages[i].part_count; k++) llmfi_openai_check_part(&q->messages[i], &q->messages[i].parts[k], f);
    if ((a->format || (q->format && strcmp(q->format, "json") == 0)) && llmfi_openai_quirk(a, LLMFI_Q_NO_JSON_MODE))
        llmfi_refuse(f, LLMF_ERR_UNSUPPORTED, "format", "this provider knows neither JSON mode nor schemas; ask for JSON in the prompt");
    if (q->parallel_tool_calls == LLMF_NO && q->tool_count && llmfi_openai_quirk(a, LLMFI_Q_NO_PARALLEL_FIELD))
        llmfi_refuse(f, LLMF_ERR_UNSUPPORTED, "parallel_tool_calls", "this provider cannot be told; leave it out");
    if (llmfi_extra(a, LLMFI_LIT("stream")))
        llmfi_refuse(f, LLMF_ERR_ARGUMENT, "extra.stream", "set the request's own stream instead: it also says how the reply is read");
}

static void llmfi_openai_path(const llmfi_ask *a, llmfi_out *out) {
    (void)a;
    LLMFI_PUT(out, "/chat/completions");
}

/* ---- schemas ---- */

/* Keywords whose value is a schema, a list of schemas, or a mapping of names to schemas; and those that strict mode refuses (OpenAI, structured outputs). */
enum { LLMFI_OPENAI_VALUE, LLMFI_OPENAI_SCHEMA, LLMFI_OPENAI_NAMED, LLMFI_OPENAI_REFUSED };

static int llmfi_openai_keyword(llmf_str key) {
    static const struct {
        const char *key;
        int kind;
    } words[] = {
        { "properties", LLMFI_OPENAI_NAMED }, { "$defs", LLMFI_OPENAI_NAMED }, { "definitions", LLMFI_OPENAI_NAMED }, { "items", LLMFI_OPENAI_SCHEMA },
        { "anyOf", LLMFI_OPENAI_SCHEMA }, { "additionalProperties", LLMFI_OPENAI_SCHEMA }, { "allOf", LLMFI_OPENAI_REFUSED },
        { "oneOf", LLMFI_OPENAI_REFUSED }, { "not", LLMFI_OPENAI_REFUSED }, { "if", LLMFI_OPENAI_REFUSED }, { "then", LLMFI_OPENAI_REFUSED },
        { "else", LLMFI_OPENAI_REFUSED }, { "dependentRequired", LLMFI_OPENAI_REFUSED }, { "dependentSchemas", LLMFI_OPENAI_REFUSED },
        { "patternProperties", LLMFI_OPENAI_REFUSED }, { "propertyNames", LLMFI_OPENAI_REFUSED }, { "unevaluatedProperties", LLMFI_OPENAI_REFUSED },
        { "minProperties", LLMFI_OPENAI_REFUSED }, { "maxProperties", LLMFI_OPENAI_REFUSED }, { "uniqueItems", LLMFI_OPENAI_REFUSED },
        { "contains", LLMFI_OPENAI_REFUSED }, { "minContains", LLMFI_OPENAI_REFUSED }, { "maxContains", LLMFI_OPENAI_REFUSED },
        { "prefixItems", LLMFI_OPENAI_REFUSED }, { "unevaluatedItems", LLMFI_OPENAI_REFUSED }
    };
    size_t i;
    for (i = 0; i < LLMFI_COUNT(words); i++)
        if (llmfi_eq(key, llmfi_cstr(words[i].key))) return words[i].kind;
    return LLMFI_OPENAI_VALUE;
}

static bool llmfi_openai_has(const llmfi_node *list, llmf_str text) {
    const llmfi_node *n = list && list->type == LLMFI_ARRAY ? list->child : NULL;
    while (n && !(n->type == LLMFI_STRING && llmfi_eq(n->text, text))) n = n->next;
    return n != NULL;
}

/* An object's schema that closes itself to members it does not name only when told. */
static bool llmfi_openai_open(const llmfi_node *schema) {
    return schema->type == LLMFI_OBJECT && llmfi_member(schema, LLMFI_LIT("properties")) && !llmfi_member(schema, LLMFI_LIT("additionalProperties"));
}

/* One schema by itself: strict mode asks for a type, each property required, and no member beyond. */
static bool llmfi_openai_strict_one(const llmfi_node *s) {
    const llmfi_node *type = llmfi_member(s, LLMFI_LIT("type")), *properties = llmfi_member(s, LLMFI_LIT("properties")), *n;
    const llmfi_node *more = llmfi_member(s, LLMFI_LIT("additionalProperties")), *required = llmfi_member(s, LLMFI_LIT("required"));
    bool object = properties || (type && (llmfi_eq(type->text, LLMFI_LIT("object")) || llmfi_openai_has(type, LLMFI_LIT("object"))));
    if (s->type != LLMFI_OBJECT) return false;
    if (!type && !llmfi_member(s, LLMFI_LIT("anyOf")) && !llmfi_member(s, LLMFI_LIT("$ref")) && !llmfi_member(s, LLMFI_LIT("enum"))
        && !llmfi_member(s, LLMFI_LIT("const"))) return false;
    if (object && ((more ? more->type != LLMFI_FALSE : !properties))) return false;
    for (n = properties ? properties->child : NULL; n; n = n->next)
        if (!llmfi_openai_has(required, n->key)) return false;
    for (n = s->child; n; n = n->next)
        if (llmfi_openai_keyword(n->key) == LLMFI_OPENAI_REFUSED) return false;
    return true;
}

/* The schema and all inside it. Recursion is bounded by the reader's LLMF_MAX_DEPTH. */
static bool llmfi_openai_strict(const llmfi_node *s) {
    const llmfi_node *n, *inner;
    if (!llmfi_openai_strict_one(s)) return false;
    for (n = s->child; n; n = n->next) {
        int kind = llmfi_openai_keyword(n->key);
        if (kind == LLMFI_OPENAI_SCHEMA && n->type == LLMFI_OBJECT && !llmfi_openai_strict(n)) return false;
        if (kind == LLMFI_OPENAI_NAMED || (kind == LLMFI_OPENAI_SCHEMA && n->type == LLMFI_ARRAY))
            for (inner = n->child; inner; inner = inner->next)
                if (!llmfi_openai_strict(inner)) return false;
    }
    return true;
}

/* At the root strict mode asks for an object. */
static bool llmfi_openai_strict_root(const llmfi_node *s) {
    const llmfi_node *type = llmfi_member(s, LLMFI_LIT("type"));
    return type && type->type == LLMFI_STRING && LLMFI_IS(type->text, "object") && llmfi_openai_strict(s);
}

static void llmfi_openai_schema(llmfi_jw *w, const llmfi_node *s);

/* The value of a keyword that holds schemas. */
static void llmfi_openai_schemas(llmfi_jw *w, const llmfi_node *n, bool named) {
    const llmfi_node *inner;
    if (n->type == LLMFI_ARRAY) {
        llmfi_jw_array(w);
        for (inner = n->child; inner; inner = inner->next) llmfi_openai_schema(w, inner);
        llmfi_jw_array_end(w);
    } else if (named && n->type == LLMFI_OBJECT) {
        llmfi_jw_object(w);
        for (inner = n->child; inner; inner = inner->next) {
            llmfi_jw_key_str(w, inner->key);
            llmfi_openai_schema(w, inner);
        }
        llmfi_jw_object_end(w);
    } else {
        llmfi_openai_schema(w, n);
    }
}

/* The schema as it is, each object in it closed to members it does not name, as strict mode wants it said. */
static void llmfi_openai_schema(llmfi_jw *w, const llmfi_node *s) {
    const llmfi_node *n;
    if (s->type != LLMFI_OBJECT) {
        llmfi_node_write(w, s);
        return;
    }
    llmfi_jw_object(w);
    for (n = s->child; n; n = n->next) {
        int kind = llmfi_openai_keyword(n->key);
        llmfi_jw_key_str(w, n->key);
        if (kind == LLMFI_OPENAI_SCHEMA || kind == LLMFI_OPENAI_NAMED) llmfi_openai_schemas(w, n, kind == LLMFI_OPENAI_NAMED);
        else llmfi_node_write(w, n);
    }
    if (llmfi_openai_open(s)) llmfi_jw_member_bool(w, "additionalProperties", false);
    llmfi_jw_object_end(w);
}

/* A name as the API allows it, from the schema's title: letters, digits, _ and -, at most 64. */
static void llmfi_openai_schema_name(llmfi_jw *w, const llmfi_node *schema) {
    const llmfi_node *title = llmfi_member(schema, LLMFI_LIT("title"));
    char name[64];
    size_t i, n = 0;
    for (i = 0; title && title->type == LLMFI_STRING && i < title->text.len && n < sizeof name; i++) {
        char c = title->text.ptr[i], l = llmfi_lower(c);
        if ((l >= 'a' && l <= 'z') || llmfi_is_digit(c) || c == '_' || c == '-') name[n++] = c;
        else if (n && name[n - 1] != '_') name[n++] = '_';
    }
    llmfi_jw_member_str(w, "name", n ? llmfi_str(name, n) : LLMFI_LIT("response"));
}

static void llmfi_openai_format(const llmfi_ask *a, llmfi_jw *w) {
    bool json = a->req->format && strcmp(a->req->format, "json") == 0, schema = a->format && !llmfi_openai_quirk(a, LLMFI_Q_NO_SCHEMA);
    bool strict = schema && llmfi_openai_strict_root(a->format);
    if (!json && !a->format) return;
    llmfi_jw_key(w, "response_format");
    llmfi_jw_object(w);
    llmfi_jw_member_str(w, "type", schema ? LLMFI_LIT("json_schema") : LLMFI_LIT("json_object"));
    if (schema) {
        llmfi_jw_key(w, "json_schema");
        llmfi_jw_object(w);
        llmfi_openai_schema_name(w, a->format);
        llmfi_jw_member_bool(w, "strict", strict);
        llmfi_jw_key(w, "schema");
        if (strict) llmfi_openai_schema(w, a->format);
        else llmfi_node_write(w, a->format);
        llmfi_jw_object_end(w);
    }
    llmfi_jw_object_end(w);
}

/* ---- the head: everything but messages and tools ---- */

#define LLMFI_OPENAI_OURS(a, name) (!llmfi_extra((a), LLMFI_LIT(name)))

static void llmfi_openai_sampling(const llmfi_ask *a, llmfi_jw *w) {
    const llmf_request *q = a->req;
    size_t i;
    if (llmfi_openai_quirk(a, LLMFI_Q_NO_SAMPLING)) return;
    if (q->temperature != 0 && LLMFI_OPENAI_OURS(a, "temperature")) llmfi_jw_member_double(w, "temperature", q->temperature < 0 ? 0 : q->temperature);
    if (q->top_p != 0 && LLMFI_OPENAI_OURS(a, "top_p")) llmfi_jw_member_double(w, "top_p", q->top_p < 0 ? 0 : q->top_p);
    if (q->stop_count && LLMFI_OPENAI_OURS(a, "stop")) {
        llmfi_jw_key(w, "stop");
        llmfi_jw_array(w);
        for (i = 0; i < q->stop_count; i++) llmfi_jw_str(w, llmfi_cstr(q->stop[i]));
        llmfi_jw_array_end(w);
    }
}

static void llmfi_openai_reasoning_object(const llmfi_ask *a, llmfi_jw *w) {
    int64_t tokens;
    if (!LLMFI_OPENAI_OURS(a, "reasoning")) return;
    llmfi_jw_key(w, "reasoning");
    llmfi_jw_object(w);
    if (llmfi_reasoning_tokens(a->req->reasoning, &tokens)) llmfi_jw_member_int(w, "max_tokens", tokens);
    else llmfi_jw_member_str(w, "effort", llmfi_cstr(a->req->reasoning));
    llmfi_jw_object_end(w);
}

static void llmfi_openai_reasoning(const llmfi_ask *a, llmfi_jw *w) {
    const char *reasoning = a->req->reasoning;
    int64_t tokens;
    bool none = reasoning && strcmp(reasoning, "none") == 0;
    if (!reasoning || !*reasoning || llmfi_openai_quirk(a, LLMFI_Q_NO_REASONING)) return;
    if (llmfi_openai_quirk(a, LLMFI_Q_REASONING_OBJECT)) {
        llmfi_openai_reasoning_object(a, w);
    } else if (llmfi_openai_quirk(a, LLMFI_Q_THINKING_OBJECT)) {
        if (!LLMFI_OPENAI_OURS(a, "thinking")) return;
        llmfi_jw_key(w, "thinking");
        llmfi_jw_object(w);
        llmfi_jw_member_str(w, "type", none ? LLMFI_LIT("disabled") : LLMFI_LIT("enabled"));
        llmfi_jw_object_end(w);
    } else if (llmfi_openai_quirk(a, LLMFI_Q_ENABLE_THINKING)) {
        if (LLMFI_OPENAI_OURS(a, "enable_thinking")) llmfi_jw_member_bool(w, "enable_thinking", !none);
        if (llmfi_reasoning_tokens(reasoning, &tokens) && LLMFI_OPENAI_OURS(a, "thinking_budget")) llmfi_jw_member_int(w, "thinking_budget", tokens);
    } else if (LLMFI_OPENAI_OURS(a, "reasoning_effort")) {
        llmfi_jw_member_str(w, "reasoning_effort", llmfi_cstr(reasoning));
    }
}

static void llmfi_openai_limit(const llmfi_ask *a, llmfi_jw *w) {
    int64_t most = a->req->max_tokens;
    if (most <= 0 || !LLMFI_OPENAI_OURS(a, "max_tokens") || !LLMFI_OPENAI_OURS(a, "max_completion_tokens")) return;
    if (llmfi_openai_quirk(a, LLMFI_Q_MAX_COMPLETION_TOKENS)) llmfi_jw_member_int(w, "max_completion_tokens", most);
    else llmfi_jw_member_int(w, "max_tokens", most);
}

static void llmfi_openai_seed(const llmfi_ask *a, llmfi_jw *w) {
    if (!a->req->use_seed || !LLMFI_OPENAI_OURS(a, "seed") || !LLMFI_OPENAI_OURS(a, "random_seed")) return;
    if (llmfi_openai_quirk(a, LLMFI_Q_RANDOM_SEED)) llmfi_jw_member_int(w, "random_seed", a->req->seed);
    else llmfi_jw_member_int(w, "seed", a->req->seed);
}

static void llmfi_openai_head(const llmfi_ask *a, llmfi_jw *w) {
    const llmf_request *q = a->req;
    llmfi_jw_object(w);
    if (LLMFI_OPENAI_OURS(a, "model")) llmfi_jw_member_str(w, "model", a->model->model_id);
    if (q->stream) {
        llmfi_jw_member_bool(w, "stream", true);
        if (!llmfi_openai_quirk(a, LLMFI_Q_NO_STREAM_OPTIONS) && LLMFI_OPENAI_OURS(a, "stream_options"))
            llmfi_jw_member_raw(w, "stream_options", LLMFI_LIT("{\"include_usage\":true}"));
    }
    llmfi_openai_limit(a, w);
    llmfi_openai_sampling(a, w);
    llmfi_openai_seed(a, w);
    llmfi_openai_reasoning(a, w);
    if (q->user && *q->user && !llmfi_openai_quirk(a, LLMFI_Q_NO_USER_FIELD) && LLMFI_OPENAI_OURS(a, "user"))
        llmfi_jw_member_str(w, "user", llmfi_cstr(q->user));
    if (LLMFI_OPENAI_OURS(a, "response_format")) llmfi_openai_format(a, w);
}

/* ---- messages ---- */

/* The message that the system text leads where there is no system role: the first of the user's; message_count: none. */
static size_t llmfi_openai_first_user(const llmf_request *q) {
    size_t i = 0;
    while (i < q->message_count && q->messages[i].role != LLMF_USER) i++;
    return i;
}

static void llmfi_openai_text_part(llmfi_jw *w, llmf_str text) {
    llmfi_jw_object(w);
    llmfi_jw_member_lit(w, "type", "text");
    llmfi_jw_member_str(w, "text", text);
    llmfi_jw_object_end(w);
}

static void llmfi_openai_image(llmfi_jw *w, const llmf_part *p) {
    llmfi_jw_member_lit(w, "type", "image_url");
    llmfi_jw_key(w, "image_url");
    llmfi_jw_object(w);
    llmfi_jw_key(w, "url");
    if (p->data) {
        llmfi_jw_str_begin(w);
        llmfi_jw_str_piece(w, LLMFI_LIT("data:"));
        llmfi_jw_str_piece(w, llmfi_part_media(p));
        llmfi_jw_str_piece(w, LLMFI_LIT(";base64,"));
        llmfi_put_base64(w->out, p->data, p->data_len);
        llmfi_jw_str_end(w);
    } else {
        llmfi_jw_str(w, llmfi_cstr(p->url));
    }
    if (p->detail && *p->detail) llmfi_jw_member_str(w, "detail", llmfi_cstr(p->detail));
    llmfi_jw_object_end(w);
}

/* "wav" of audio/x-wav, "mp3" of audio/mpeg; else what follows the slash. */
static llmf_str llmfi_openai_audio_format(llmf_str media) {
    size_t slash = llmfi_find_char(media, '/'), end;
    llmf_str kind = slash == LLMFI_NOWHERE ? media : llmfi_from(media, slash + 1);
    end = llmfi_find_char(kind, ';');
    if (end != LLMFI_NOWHERE) kind.len = end;
    if (llmfi_starts(kind, LLMFI_LIT("x-"))) kind = llmfi_from(kind, 2);
    if (LLMFI_IS(kind, "mpeg")) return LLMFI_LIT("mp3");
    return LLMFI_IS(kind, "wave") ? LLMFI_LIT("wav") : kind;
}

static void llmfi_openai_audio(llmfi_jw *w, const llmf_part *p) {
    llmf_str media = llmfi_part_media(p), base64 = llmfi_str("", 0);
    if (!p->data) llmfi_data_url(llmfi_cstr(p->url), &media, &base64);
    llmfi_jw_member_lit(w, "type", "input_audio");
    llmfi_jw_key(w, "input_audio");
    llmfi_jw_object(w);
    llmfi_jw_key(w, "data");
    if (p->data) llmfi_jw_base64_string(w, llmfi_str("", 0), p->data, p->data_len);
    else llmfi_jw_str(w, base64);
    llmfi_jw_member_str(w, "format", llmfi_openai_audio_format(media));
    llmfi_jw_object_end(w);
}

static void llmfi_openai_file(llmfi_jw *w, const llmf_part *p) {
    llmfi_jw_member_lit(w, "type", "file");
    llmfi_jw_key(w, "file");
    llmfi_jw_object(w);
    llmfi_jw_member_str(w, "filename", llmfi_cstr(p->name && *p->name ? p->name : "file"));
    llmfi_jw_key(w, "file_data");
    if (p->data) {
        llmfi_jw_str_begin(w);
        llmfi_jw_str_piece(w, LLMFI_LIT("data:"));
        llmfi_jw_str_piece(w, llmfi_part_media(p));
        llmfi_jw_str_piece(w, LLMFI_LIT(";base64,"));
        llmfi_put_base64(w->out, p->data, p->data_len);
        llmfi_jw_str_end(w);
    } else {
        llmfi_jw_str(w, llmfi_cstr(p->url));
    }
    llmfi_jw_object_end(w);
}

static void llmfi_openai_part(llmfi_jw *w, const llmf_part *p) {
    if (p->type == LLMF_PART_TEXT) {
        llmfi_openai_text_part(w, llmfi_text_at(p->text, p->text_len));
        return;
    }
    llmfi_jw_object(w);
    if (p->type == LLMF_PART_IMAGE) llmfi_openai_image(w, p);
    else if (p->type == LLMF_PART_AUDIO) llmfi_openai_audio(w, p);
    else llmfi_openai_file(w, p);
    llmfi_jw_object_end(w);
}

/* The system text that goes before a message's own, and that own one, as one string. */
static void llmfi_openai_joined(llmfi_jw *w, llmf_str lead, llmf_str text) {
    if (!lead.len) {
        llmfi_jw_str(w, text);
        return;
    }
    llmfi_jw_str_begin(w);
    llmfi_jw_str_piece(w, lead);
    if (text.len) llmfi_jw_str_piece(w, LLMFI_LIT("\n\n"));
    llmfi_jw_str_piece(w, text);
    llmfi_jw_str_end(w);
}

/* A plain string where there is one text; else the list of parts, `content` before them. */
static void llmfi_openai_content(llmfi_jw *w, llmf_str lead, const llmf_message *m) {
    llmf_str text = llmfi_text_at(m->content, m->content_len);
    size_t i;
    llmfi_jw_key(w, "content");
    if (!text.len && m->part_count == 1 && m->parts[0].type == LLMF_PART_TEXT) {
        llmfi_openai_joined(w, lead, llmfi_text_at(m->parts[0].text, m->parts[0].text_len));
    } else if (!m->part_count) {
        llmfi_openai_joined(w, lead, text);
    } else {
        llmfi_jw_array(w);
        if (lead.len) llmfi_openai_text_part(w, lead);
        if (text.len) llmfi_openai_text_part(w, text);
        for (i = 0; i < m->part_count; i++) llmfi_openai_part(w, &m->parts[i]);
        llmfi_jw_array_end(w);
    }
}

static llmf_str llmfi_openai_system_role(const llmfi_ask *a) {
    if (llmfi_openai_quirk(a, LLMFI_Q_SYSTEM_AS_USER)) return LLMFI_LIT("user");
    return llmfi_openai_quirk(a, LLMFI_Q_DEVELOPER_ROLE) ? LLMFI_LIT("developer") : LLMFI_LIT("system");
}

/* ---- what goes back of earlier turns ---- */

/* The JSON of a state that this dialect gave for this provider; empty: it is another's, or no JSON any more. */
static llmf_str llmfi_openai_state(const llmfi_settings *model, llmf_str state) {
    llmf_str dialect = LLMFI_LIT("openai/");
    if (!llmfi_starts(state, dialect) || !llmfi_starts(llmfi_from(state, dialect.len), model->provider)) return llmfi_str("", 0);
    state = llmfi_from(state, dialect.len + model->provider.len);
    if (!state.len || state.ptr[0] != ':' || !llmfi_json_valid(llmfi_from(state, 1))) return llmfi_str("", 0);
    return llmfi_from(state, 1);
}

/* Copies the members of the state that are reasoning. True when there was one. */
static bool llmfi_openai_state_members(llmfi_jw *w, llmf_str state) {
    llmfi_json j;
    bool any = false;
    llmfi_json_init(&j, state, true);
    if (llmfi_json_next(&j) != LLMFI_J_OBJECT) return false;
    while (llmfi_json_next(&j) == LLMFI_J_KEY) {
        llmf_str key = j.text, raw;
        bool ours = LLMFI_KEY(&j, "reasoning_content") || LLMFI_KEY(&j, "reasoning_details") || LLMFI_KEY(&j, "reasoning");
        if (llmfi_json_raw(&j, &raw) <= 0) break;
        if (!ours) continue;
        llmfi_jw_key_str(w, key);
        llmfi_jw_raw(w, raw);
        any = true;
    }
    return any;
}

static void llmfi_openai_back(const llmfi_ask *a, llmfi_jw *w, const llmf_message *m) {
    llmf_str state = m->state.len ? llmfi_openai_state(a->model, m->state) : llmfi_str("", 0);
    if (!llmfi_openai_quirk(a, LLMFI_Q_BACK_REASONING_CONTENT | LLMFI_Q_BACK_REASONING_DETAILS | LLMFI_Q_BACK_REASONING)) return;
    if (state.len && llmfi_openai_state_members(w, state)) return;
    if (!m->reasoning.len) return;
    if (llmfi_openai_quirk(a, LLMFI_Q_BACK_REASONING_CONTENT)) llmfi_jw_member_str(w, "reasoning_content", m->reasoning);
    else llmfi_jw_member_str(w, "reasoning", m->reasoning);
}

static void llmfi_openai_calls(llmfi_jw *w, const llmf_message *m) {
    size_t i;
    llmfi_jw_key(w, "tool_calls");
    llmfi_jw_array(w);
    for (i = 0; i < m->tool_call_count; i++) {
        const llmf_tool_call *c = &m->tool_calls[i];
        llmfi_jw_object(w);
        llmfi_jw_member_str(w, "id", c->id);
        llmfi_jw_member_lit(w, "type", "function");
        llmfi_jw_key(w, "function");
        llmfi_jw_object(w);
        llmfi_jw_member_str(w, "name", c->name);
        llmfi_jw_member_str(w, "arguments", c->arguments.len ? c->arguments : LLMFI_LIT("{}"));
        llmfi_jw_object_end(w);
        llmfi_jw_object_end(w);
    }
    llmfi_jw_array_end(w);
}

static void llmfi_openai_message(const llmfi_ask *a, llmfi_jw *w, size_t at) {
    const llmf_message *m = &a->req->messages[at];
    llmf_str lead = llmfi_str("", 0);
    llmfi_jw_object(w);
    llmfi_jw_key(w, "role");
    switch (m->role) {
    case LLMF_SYSTEM: llmfi_jw_str(w, llmfi_openai_system_role(a)); break;
    case LLMF_ASSISTANT: llmfi_jw_lit(w, "assistant"); break;
    case LLMF_TOOL: llmfi_jw_lit(w, "tool"); break;
    default:
        llmfi_jw_lit(w, "user");
        if (llmfi_openai_quirk(a, LLMFI_Q_SYSTEM_AS_USER) && at == llmfi_openai_first_user(a->req))
            lead = llmfi_text_at(a->req->system, a->req->system_len);
    }
    if (m->role == LLMF_TOOL) llmfi_jw_member_str(w, "tool_call_id", m->tool_call_id);
    if (m->role == LLMF_ASSISTANT && m->tool_call_count && !m->content_len && !m->part_count) {
        llmfi_jw_key(w, "content");
        llmfi_jw_null(w);
    } else {
        llmfi_openai_content(w, lead, m);
    }
    if (m->role == LLMF_ASSISTANT) {
        llmfi_openai_back(a, w, m);
        if (m->tool_call_count) llmfi_openai_calls(w, m);
    }
    llmfi_jw_object_end(w);
}

/* The request's system text as a message of its own, unless it leads a user message. */
static void llmfi_openai_system(const llmfi_ask *a, llmfi_jw *w) {
    const llmf_request *q = a->req;
    if (!q->system || !q->system_len) return;
    if (llmfi_openai_quirk(a, LLMFI_Q_SYSTEM_AS_USER) && llmfi_openai_first_user(q) < q->message_count) return;
    llmfi_jw_object(w);
    llmfi_jw_member_str(w, "role", llmfi_openai_system_role(a));
    llmfi_jw_member_str(w, "content", llmfi_text_at(q->system, q->system_len));
    llmfi_jw_object_end(w);
}

/* ---- tools ---- */

static void llmfi_openai_tool(const llmfi_ask *a, llmfi_jw *w, size_t at) {
    const llmf_tool *t = &a->req->tools[at];
    const llmfi_node *schema = a->schemas ? a->schemas[at] : NULL;
    llmfi_jw_object(w);
    llmfi_jw_member_lit(w, "type", "function");
    llmfi_jw_key(w, "function");
    llmfi_jw_object(w);
    llmfi_jw_member_str(w, "name", llmfi_cstr(t->name));
    if (t->description && *t->description) llmfi_jw_member_str(w, "description", llmfi_cstr(t->description));
    llmfi_jw_key(w, "parameters");
    if (!schema && t->strict) llmfi_jw_raw(w, LLMFI_LIT("{\"type\":\"object\",\"properties\":{},\"additionalProperties\":false}"));
    else if (!schema) llmfi_jw_raw(w, LLMFI_LIT("{\"type\":\"object\",\"properties\":{}}"));
    else if (t->strict) llmfi_openai_schema(w, schema);
    else llmfi_node_write(w, schema);
    if (t->strict && !llmfi_openai_quirk(a, LLMFI_Q_NO_STRICT)) llmfi_jw_member_bool(w, "strict", true);
    llmfi_jw_object_end(w);
    llmfi_jw_object_end(w);
}

static void llmfi_openai_tool_choice(const llmfi_ask *a, llmfi_jw *w) {
    const char *choice = a->req->tool_choice;
    if (!choice || !*choice || !LLMFI_OPENAI_OURS(a, "tool_choice")) return;
    llmfi_jw_key(w, "tool_choice");
    if (strcmp(choice, "auto") == 0 || strcmp(choice, "none") == 0) {
        llmfi_jw_str(w, llmfi_cstr(choice));
    } else if (strcmp(choice, "required") == 0) {
        llmfi_jw_str(w, llmfi_openai_quirk(a, LLMFI_Q_TOOL_ANY) ? LLMFI_LIT("any") : LLMFI_LIT("required"));
    } else {
        llmfi_jw_object(w);
        llmfi_jw_member_lit(w, "type", "function");
        llmfi_jw_key(w, "function");
        llmfi_jw_object(w);
        llmfi_jw_member_str(w, "name", llmfi_cstr(choice));
        llmfi_jw_object_end(w);
        llmfi_jw_object_end(w);
    }
}

static void llmfi_openai_tail(const llmfi_ask *a, llmfi_jw *w) {
    const llmf_request *q = a->req;
    if (q->tool_count) {
        llmfi_openai_tool_choice(a, w);
        if (q->parallel_tool_calls != LLMF_UNSET && !llmfi_openai_quirk(a, LLMFI_Q_NO_PARALLEL_FIELD) && LLMFI_OPENAI_OURS(a, "parallel_tool_calls"))
            llmfi_jw_member_bool(w, "parallel_tool_calls", q->parallel_tool_calls == LLMF_YES);
    }
    llmfi_extra_write(a, w);
    llmfi_jw_object_end(w);
}

/* Step 0: the head and the system text; one for each message; one for each tool; the tail. */
static bool llmfi_openai_body(const llmfi_ask *a, unsigned step, llmfi_jw *w) {
    size_t messages = LLMFI_OPENAI_OURS(a, "messages") ? a->req->message_count : 0;
    size_t tools = LLMFI_OPENAI_OURS(a, "tools") ? a->req->tool_count : 0, at = step;
    if (at == 0) {
        llmfi_openai_head(a, w);
        if (!LLMFI_OPENAI_OURS(a, "messages")) return true;
        llmfi_jw_key(w, "messages");
        llmfi_jw_array(w);
        llmfi_openai_system(a, w);
        if (!messages) llmfi_jw_array_end(w);
        return true;
    }
    if (--at < messages) {
        llmfi_openai_message(a, w, at);
        if (at + 1 == messages) llmfi_jw_array_end(w);
        return true;
    }
    at -= messages;
    if (at < tools) {
        if (at == 0) {
            llmfi_jw_key(w, "tools");
            llmfi_jw_array(w);
        }
        llmfi_openai_tool(a, w, at);
        if (at + 1 == tools) llmfi_jw_array_end(w);
        return true;
    }
    llmfi_openai_tail(a, w);
    return false;
}

/* ==== replies ===================================================================================================== */

/* dialect.number: what is remembered between frames. */
enum {
    LLMFI_OPENAI_USAGE,                      /* a `usage` has come: x_groq's no longer counts */
    LLMFI_OPENAI_BACK,                       /* the state has an open string of reasoning */
    LLMFI_OPENAI_DETAIL,                     /* the last of reasoning_details in dialect.buf[0] is open: LLMFI_OPENAI_OPEN… */
    LLMFI_OPENAI_DETAIL_KIND,                /* 1 reasoning.text, 2 reasoning.summary */
    LLMFI_OPENAI_DETAIL_INDEX                /* its index; -1: none */
};

/* ---- reasoning as it must go back (dialect.buf[0]: reasoning_details so far; buf[1]: the open one's other members) ---- */

static uint32_t llmfi_openai_back_quirks(const llmfi_reply *r) {
    const llmfi_settings *model = (const llmfi_settings *)r->user;
    return model ? model->quirks & (LLMFI_Q_BACK_REASONING_CONTENT | LLMFI_Q_BACK_REASONING_DETAILS | LLMFI_Q_BACK_REASONING) : 0;
}

/* Raw text of a JSON string or value, with what is no UTF-8 replaced. */
static void llmfi_openai_state_raw(llmfi_reply *r, llmfi_buf *b, llmf_str raw) {
    llmfi_out out;
    llmfi_utf8 u;
    memset(&u, 0, sizeof u);
    llmfi_out_buf(&out, b);
    llmfi_utf8_feed(&u, raw, &out);
    llmfi_utf8_end(&u, &out);
    if (out.failed) llmfi_reply_no_memory(r);
}

static void llmfi_openai_state_begin(llmfi_reply *r) {
    if (r->state.len) return;
    llmfi_openai_state_raw(r, &r->state, LLMFI_LIT("openai/"));
    llmfi_openai_state_raw(r, &r->state, ((const llmfi_settings *)r->user)->provider);
    llmfi_openai_state_raw(r, &r->state, LLMFI_LIT(":{"));
}

/* Reasoning text has come: it is also kept as the member that the provider wants back. */
static void llmfi_openai_keep_reasoning(llmfi_reply *r, const llmfi_json *j) {
    uint32_t back = llmfi_openai_back_quirks(r);
    if (!(back & (LLMFI_Q_BACK_REASONING_CONTENT | LLMFI_Q_BACK_REASONING))) return;
    llmfi_openai_state_begin(r);
    if (!r->dialect.number[LLMFI_OPENAI_BACK])
        llmfi_openai_state_raw(r, &r->state, back & LLMFI_Q_BACK_REASONING_CONTENT ? LLMFI_LIT("\"reasoning_content\":\"") : LLMFI_LIT("\"reasoning\":\""));
    r->dialect.number[LLMFI_OPENAI_BACK] = 1;
    llmfi_openai_state_raw(r, &r->state, j->text);
}

/* The open detail is whole: its string ends, its other members follow. */
static void llmfi_openai_detail_close(llmfi_reply *r) {
    llmf_str rest = llmfi_buf_str(&r->dialect.buf[1]);
    if (!r->dialect.number[LLMFI_OPENAI_DETAIL]) return;
    r->dialect.number[LLMFI_OPENAI_DETAIL] = 0;
    llmfi_openai_state_raw(r, &r->dialect.buf[0], LLMFI_LIT("\""));
    llmfi_openai_state_raw(r, &r->dialect.buf[0], rest);
    llmfi_openai_state_raw(r, &r->dialect.buf[0], LLMFI_LIT("}"));
    r->dialect.buf[1].len = 0;
}

/* Takes the member `key` (quoted) out of the open one's: what comes later stands in its place. buf[1] is ,"a":1,"b":2 */
static void llmfi_openai_detail_forget(llmfi_reply *r, llmf_str key) {
    llmfi_buf *b = &r->dialect.buf[1];
    size_t at = 0;
    while (at + 1 < b->len) {
        llmfi_json j;
        llmf_str member = llmfi_from(llmfi_buf_str(b), at + 1);
        size_t colon;
        llmfi_json_init(&j, member, true);
        if (llmfi_json_next(&j) != LLMFI_J_STRING) return;
        colon = (size_t)(j.at - member.ptr);
        llmfi_json_init(&j, llmfi_from(member, colon + 1), false);
        if (llmfi_json_skip(&j) <= 0 && colon + 1 < member.len) j.at = member.ptr + member.len; /* a number at the very end */
        if (llmfi_eq(llmfi_str(member.ptr, colon), key)) {
            size_t end = (size_t)(j.at - b->ptr);
            memmove(b->ptr + at, j.at, b->len - end);
            b->len -= end - at;
            return;
        }
        at = (size_t)(j.at - b->ptr);
    }
}

/* What an element of reasoning_details says of itself. */
typedef struct llmfi_openai_detail {
    int kind;                                /* 1 reasoning.text, 2 reasoning.summary, 0 others: these are never joined */
    int64_t index;
    llmf_str raw, text;                      /* all of it; the raw content of its string */
} llmfi_openai_detail;

static llmfi_openai_detail llmfi_openai_detail_read(llmf_str raw) {
    llmfi_openai_detail d;
    llmfi_json j;
    llmf_str text = llmfi_str("", 0), summary = llmfi_str("", 0);
    memset(&d, 0, sizeof d);
    d.index = -1;
    d.raw = raw;
    llmfi_json_init(&j, raw, true);
    if (llmfi_json_next(&j) == LLMFI_J_OBJECT)
        while (llmfi_json_next(&j) == LLMFI_J_KEY) {
            bool type = LLMFI_KEY(&j, "type"), index = LLMFI_KEY(&j, "index"), in_text = LLMFI_KEY(&j, "text"), in_summary = LLMFI_KEY(&j, "summary");
            if (llmfi_json_skip(&j) < 0) break;
            if (type && LLMFI_KEY(&j, "reasoning.text")) d.kind = 1;
            else if (type && LLMFI_KEY(&j, "reasoning.summary")) d.kind = 2;
            else if (index) d.index = llmfi_reply_number(&j);
            else if (in_text && j.token == LLMFI_J_STRING) text = j.text;
            else if (in_summary && j.token == LLMFI_J_STRING) summary = j.text;
        }
    d.text = d.kind == 2 ? summary : text;
    return d;
}

/* The members beside type and text go into buf[1]; null says nothing. */
static void llmfi_openai_detail_members(llmfi_reply *r, const llmfi_openai_detail *d) {
    llmfi_json j;
    llmfi_json_init(&j, d->raw, true);
    if (llmfi_json_next(&j) != LLMFI_J_OBJECT) return;
    while (llmfi_json_next(&j) == LLMFI_J_KEY) {
        llmf_str key = llmfi_str(j.text.ptr - 1, j.text.len + 2), raw;
        bool skip = LLMFI_KEY(&j, "type") || (d->kind == 2 ? LLMFI_KEY(&j, "summary") : LLMFI_KEY(&j, "text"));
        if (llmfi_json_raw(&j, &raw) <= 0) return;
        if (skip || LLMFI_IS(raw, "null")) continue;
        llmfi_openai_detail_forget(r, key);
        llmfi_openai_state_raw(r, &r->dialect.buf[1], LLMFI_LIT(","));
        llmfi_openai_state_raw(r, &r->dialect.buf[1], key);
        llmfi_openai_state_raw(r, &r->dialect.buf[1], LLMFI_LIT(":"));
        llmfi_openai_state_raw(r, &r->dialect.buf[1], raw);
    }
}

/* One element: joined to the open one where it goes on (OpenRouter streams text and summary in pieces of the same type and index), else a new one. */
static void llmfi_openai_keep_detail(llmfi_reply *r, llmf_str raw) {
    llmfi_openai_detail d = llmfi_openai_detail_read(raw);
    int64_t *number = r->dialect.number;
    llmfi_buf *b = &r->dialect.buf[0];
    bool joins = r->streamed && d.kind;
    if (!joins || !number[LLMFI_OPENAI_DETAIL] || number[LLMFI_OPENAI_DETAIL_KIND] != d.kind || number[LLMFI_OPENAI_DETAIL_INDEX] != d.index) {
        llmfi_openai_detail_close(r);
        if (b->len) llmfi_openai_state_raw(r, b, LLMFI_LIT(","));
        if (joins) {
            if (d.kind == 1) llmfi_openai_state_raw(r, b, LLMFI_LIT("{\"type\":\"reasoning.text\",\"text\":\""));
            else llmfi_openai_state_raw(r, b, LLMFI_LIT("{\"type\":\"reasoning.summary\",\"summary\":\""));
            number[LLMFI_OPENAI_DETAIL] = 1;
            number[LLMFI_OPENAI_DETAIL_KIND] = d.kind;
            number[LLMFI_OPENAI_DETAIL_INDEX] = d.index;
        }
    }
    llmfi_openai_state_raw(r, b, joins ? d.text : raw);
    if (joins) llmfi_openai_detail_members(r, &d);
}

/* Completes the state; of a reply that is not whole there is none. */
static void llmfi_openai_on_end(llmfi_reply *r) {
    bool text = r->dialect.number[LLMFI_OPENAI_BACK] != 0;
    if (r->error.code || !r->terminal) {
        r->state.len = 0;
        return;
    }
    llmfi_openai_detail_close(r);
    if (!text && !r->dialect.buf[0].len) return;
    llmfi_openai_state_begin(r);
    if (text) llmfi_openai_state_raw(r, &r->state, LLMFI_LIT("\""));
    if (r->dialect.buf[0].len) {
        if (text) llmfi_openai_state_raw(r, &r->state, LLMFI_LIT(","));
        llmfi_openai_state_raw(r, &r->state, LLMFI_LIT("\"reasoning_details\":["));
        llmfi_openai_state_raw(r, &r->state, llmfi_buf_str(&r->dialect.buf[0]));
        llmfi_openai_state_raw(r, &r->state, LLMFI_LIT("]"));
    }
    llmfi_openai_state_raw(r, &r->state, LLMFI_LIT("}"));
    if (!llmfi_openai_state((const llmfi_settings *)r->user, llmfi_buf_str(&r->state)).len) r->state.len = 0; /* a frame was taken back halfway */
}

/* ---- reading ---- */

/* The next value if it is a string (true, *j stands at it); anything else is passed over. */
static bool llmfi_openai_string(llmfi_json *j) {
    return llmfi_json_scalar(j) == LLMFI_J_STRING;
}

/* An item of a list that is of no interest has been begun. */
static void llmfi_openai_pass(llmfi_json *j) {
    if (j->token == LLMFI_J_OBJECT || j->token == LLMFI_J_ARRAY) llmfi_json_skip(j);
}

/* The next object of a list that was entered; items of other kinds are passed over. False: the list has ended. */
static bool llmfi_openai_item(llmfi_json *j) {
    int token;
    while ((token = llmfi_json_next(j)) > 0 && token != LLMFI_J_ARRAY_END) {
        if (token == LLMFI_J_OBJECT) return true;
        llmfi_openai_pass(j);
    }
    return false;
}

/* The parts of `thinking`, Mistral's; or its plain string. j stands at the key. */
static void llmfi_openai_thinking(llmfi_reply *r, llmfi_json *j) {
    if (llmfi_json_next(j) == LLMFI_J_STRING) {
        llmfi_reply_reasoning_json(r, j);
        return;
    }
    if (j->token != LLMFI_J_ARRAY) {
        llmfi_openai_pass(j);
        return;
    }
    while (llmfi_openai_item(j))
        while (llmfi_json_next(j) == LLMFI_J_KEY)
            if (!LLMFI_KEY(j, "text")) llmfi_json_skip(j);
            else if (llmfi_openai_string(j)) llmfi_reply_reasoning_json(r, j);
}

/* Content that is a list, which was just entered. RULES 5: text parts and thinking parts; what stands first does not matter. */
static void llmfi_openai_parts(llmfi_reply *r, llmfi_json *j) {
    while (llmfi_openai_item(j)) {
        llmfi_json text;
        bool has_text = false, is_text = true;
        while (llmfi_json_next(j) == LLMFI_J_KEY) {
            if (LLMFI_KEY(j, "type")) {
                if (llmfi_openai_string(j)) is_text = LLMFI_KEY(j, "text");
            } else if (LLMFI_KEY(j, "text")) {
                if (llmfi_openai_string(j)) {
                    text = *j;
                    has_text = true;
                }
            } else if (LLMFI_KEY(j, "thinking")) {
                llmfi_openai_thinking(r, j);
            } else {
                llmfi_json_skip(j);
            }
        }
        if (has_text && is_text) llmfi_reply_text_json(r, &text);
    }
}

/* The readable words of reasoning_details, a list that was just entered. */
static void llmfi_openai_details_text(llmfi_reply *r, llmfi_json *j) {
    while (llmfi_openai_item(j))
        while (llmfi_json_next(j) == LLMFI_J_KEY)
            if (!LLMFI_KEY(j, "text") && !LLMFI_KEY(j, "summary")) llmfi_json_skip(j);
            else if (llmfi_openai_string(j)) llmfi_reply_reasoning_json(r, j);
}

static void llmfi_openai_details_state(llmfi_reply *r, llmfi_json *j) {
    llmf_str raw;
    int token;
    while ((token = llmfi_json_raw(j, &raw)) > 0 && token != LLMFI_J_ARRAY_END)
        if (token == LLMFI_J_OBJECT) llmfi_openai_keep_detail(r, raw);
}

/* What a delta or message holds, until it is told in the order of reasoning, text, refusal. A reader that stands at the string, or in front of the list. */
typedef struct llmfi_openai_delta {
    llmfi_json content, reasoning, details;
    bool has_content, has_details, reasoned; /* reasoned: reasoning or reasoning_content has been told, details would repeat it */
    int reasoning_rank;                      /* 2 reasoning, 1 reasoning_content, 0 none: RULES 3 */
} llmfi_openai_delta;

static void llmfi_openai_tell(llmfi_reply *r, llmfi_openai_delta *d) {
    if (d->reasoning_rank) {
        llmfi_reply_reasoning_json(r, &d->reasoning);
        llmfi_openai_keep_reasoning(r, &d->reasoning);
        d->reasoned = true;
    } else if (d->has_details && !d->reasoned) {
        llmfi_json j = d->details;
        llmfi_openai_details_text(r, &j);
    }
    if (d->has_details && (llmfi_openai_back_quirks(r) & LLMFI_Q_BACK_REASONING_DETAILS)) llmfi_openai_details_state(r, &d->details);
    if (d->has_content) {
        if (d->content.token == LLMFI_J_STRING) llmfi_reply_text_json(r, &d->content);
        else llmfi_openai_parts(r, &d->content);
    }
    d->reasoning_rank = 0;
    d->has_content = d->has_details = false;
}

/* `content`: a string, or a list of parts. */
static void llmfi_openai_take_content(llmfi_openai_delta *d, llmfi_json *j) {
    int token = llmfi_json_next(j);
    if ((token == LLMFI_J_STRING && j->text.len) || token == LLMFI_J_ARRAY) {
        d->content = *j;
        d->has_content = true;
    }
    llmfi_openai_pass(j);
}

static void llmfi_openai_take_reasoning(llmfi_openai_delta *d, llmfi_json *j, int rank) {
    if (!llmfi_openai_string(j) || !j->text.len || d->reasoned || rank <= d->reasoning_rank) return;
    d->reasoning = *j;
    d->reasoning_rank = rank;
}

/* ---- tool calls ---- */

typedef struct llmfi_openai_call {
    int64_t index;                           /* -1: none */
    llmf_str id, name, raw;                  /* raw: arguments that are no string */
    llmfi_json args;                         /* at the string */
    bool has_args, function, custom;         /* custom: a free-form tool's, no function's (RULES 10) */
} llmfi_openai_call;

static void llmfi_openai_take_function(llmfi_reply *r, llmfi_json *j, llmfi_openai_call *c) {
    if (!llmfi_json_enter(j, LLMFI_J_OBJECT)) return;
    while (llmfi_json_next(j) == LLMFI_J_KEY) {
        if (LLMFI_KEY(j, "name")) {
            if (llmfi_openai_string(j)) c->name = llmfi_reply_string(r, j);
        } else if (LLMFI_KEY(j, "arguments")) {
            llmfi_json ahead = *j;
            if (llmfi_json_next(&ahead) == LLMFI_J_STRING) {
                c->args = *j = ahead;
                c->has_args = true;
            } else if (llmfi_json_raw(j, &c->raw) <= 0 || LLMFI_IS(c->raw, "null")) { /* some hosts give the object itself */
                c->raw = llmfi_str("", 0);
            }
        } else {
            llmfi_json_skip(j);
        }
    }
}

/* RULES 13: which call a fragment of a stream belongs to; -1: a new one. */
static int llmfi_openai_belongs(const llmfi_reply *r, const llmfi_openai_call *c) {
    int at = c->index >= 0 ? llmfi_reply_tool_find(r, c->index) : llmfi_reply_tool_count(r) - 1;
    const llmfi_tool_state *t;
    if (!r->streamed || at < 0) return -1;
    t = llmfi_reply_tool(r, at);
    if (c->index < 0 && !c->id.len && c->name.len) return -1;
    return c->id.len && t->id.len && !t->made && !llmfi_eq(c->id, t->id) ? -1 : at;
}

static void llmfi_openai_tell_call(llmfi_reply *r, const llmfi_openai_call *c) {
    int at;
    if (c->custom && !c->function) return;
    at = llmfi_openai_belongs(r, c);
    if (at < 0) at = llmfi_reply_tool_begin(r, r->streamed ? c->index : -1, c->id, c->name);
    else llmfi_reply_tool_name(r, at, c->id, c->name);
    if (at < 0) return;
    if (c->has_args) llmfi_reply_tool_args_json(r, at, &c->args);
    else llmfi_reply_tool_args(r, at, llmfi_reply_clean(r, c->raw));
}

/* tool_calls, a list that was just entered. */
static void llmfi_openai_tool_calls(llmfi_reply *r, llmfi_json *j) {
    while (llmfi_openai_item(j)) {
        llmfi_openai_call c;
        c.index = -1;
        c.id = c.name = c.raw = llmfi_str("", 0);
        c.has_args = c.function = c.custom = false;
        while (llmfi_json_next(j) == LLMFI_J_KEY) {
            if (LLMFI_KEY(j, "index")) {
                llmfi_json_next(j);
                c.index = llmfi_reply_number(j);
                llmfi_openai_pass(j);
            } else if (LLMFI_KEY(j, "id")) {
                if (llmfi_openai_string(j)) c.id = llmfi_reply_string(r, j);
            } else if (LLMFI_KEY(j, "function")) {
                llmfi_openai_take_function(r, j, &c);
            } else if (LLMFI_KEY(j, "type")) {
                if (!llmfi_openai_string(j)) continue;
                if (LLMFI_KEY(j, "custom")) c.custom = true;
                else if (LLMFI_KEY(j, "function")) c.function = true;
            } else {
                if (LLMFI_KEY(j, "custom")) c.custom = true;
                llmfi_json_skip(j);
            }
        }
        if (j->token != LLMFI_J_OBJECT_END) return;
        llmfi_openai_tell_call(r, &c);
    }
}

/* ---- citations ---- */

/* An object with url and title, which was just entered; url_citation holds another. */
static void llmfi_openai_citation(llmfi_reply *r, llmfi_json *j, int depth) {
    llmf_str url = llmfi_str("", 0), title = llmfi_str("", 0);
    while (llmfi_json_next(j) == LLMFI_J_KEY) {
        bool is_url = LLMFI_KEY(j, "url"), is_title = LLMFI_KEY(j, "title");
        if (depth == 0 && LLMFI_KEY(j, "url_citation")) {
            if (llmfi_json_enter(j, LLMFI_J_OBJECT)) llmfi_openai_citation(r, j, 1);
        } else if (!is_url && !is_title) {
            llmfi_json_skip(j);
        } else if (llmfi_openai_string(j)) {
            if (is_url) url = llmfi_reply_string(r, j);
            else title = llmfi_reply_string(r, j);
        }
    }
    if (url.len) llmfi_reply_citation(r, url, title);
}

/* annotations, citations or search_results: a list of objects or of URLs. j stands at the key. */
static void llmfi_openai_citations(llmfi_reply *r, llmfi_json *j) {
    int token;
    if (!llmfi_json_enter(j, LLMFI_J_ARRAY)) return;
    while ((token = llmfi_json_next(j)) > 0 && token != LLMFI_J_ARRAY_END) {
        if (token == LLMFI_J_OBJECT) llmfi_openai_citation(r, j, 0);
        else if (token == LLMFI_J_STRING) llmfi_reply_citation(r, llmfi_reply_string(r, j), llmfi_str("", 0));
        else llmfi_openai_pass(j);
    }
}

/* ---- usage ---- */

typedef struct llmfi_openai_count {
    int64_t prompt, completion, total, cached, cached_flat, cached_num, cache_hit, written, created, audio, reasoning, reasoning_flat;
} llmfi_openai_count;

/* The number at the key; what is no count leaves *to unknown. */
static void llmfi_openai_number(llmfi_json *j, int64_t *to) {
    llmfi_json_next(j);
    *to = llmfi_reply_number(j);
    llmfi_openai_pass(j);
}

static void llmfi_openai_usage_details(llmfi_json *j, llmfi_openai_count *c, bool prompt) {
    if (!llmfi_json_enter(j, LLMFI_J_OBJECT)) return;
    while (llmfi_json_next(j) == LLMFI_J_KEY) {
        if (prompt && LLMFI_KEY(j, "cached_tokens")) llmfi_openai_number(j, &c->cached);
        else if (prompt && LLMFI_KEY(j, "cache_write_tokens")) llmfi_openai_number(j, &c->written);
        else if (prompt && LLMFI_KEY(j, "audio_tokens")) llmfi_openai_number(j, &c->audio);
        else if (!prompt && LLMFI_KEY(j, "reasoning_tokens")) llmfi_openai_number(j, &c->reasoning);
        else llmfi_json_skip(j);
    }
}

static int64_t llmfi_openai_either(int64_t a, int64_t b) {
    return a != LLMF_UNKNOWN ? a : b;
}

/* A usage object, which was just entered (RULES 19). */
static void llmfi_openai_usage(llmfi_reply *r, llmfi_json *j) {
    llmfi_openai_count c;
    memset(&c, 0xff, sizeof c); /* LLMF_UNKNOWN in each */
    while (llmfi_json_next(j) == LLMFI_J_KEY) {
        if (LLMFI_KEY(j, "prompt_tokens")) llmfi_openai_number(j, &c.prompt);
        else if (LLMFI_KEY(j, "completion_tokens")) llmfi_openai_number(j, &c.completion);
        else if (LLMFI_KEY(j, "total_tokens")) llmfi_openai_number(j, &c.total);
        else if (LLMFI_KEY(j, "prompt_tokens_details")) llmfi_openai_usage_details(j, &c, true);
        else if (LLMFI_KEY(j, "completion_tokens_details")) llmfi_openai_usage_details(j, &c, false);
        else if (LLMFI_KEY(j, "cached_tokens")) llmfi_openai_number(j, &c.cached_flat);
        else if (LLMFI_KEY(j, "num_cached_tokens")) llmfi_openai_number(j, &c.cached_num);
        else if (LLMFI_KEY(j, "prompt_cache_hit_tokens")) llmfi_openai_number(j, &c.cache_hit);
        else if (LLMFI_KEY(j, "cache_creation_input_tokens")) llmfi_openai_number(j, &c.created);
        else if (LLMFI_KEY(j, "reasoning_tokens")) llmfi_openai_number(j, &c.reasoning_flat);
        else llmfi_json_skip(j);
    }
    r->usage.input = c.prompt;
    r->usage.output = c.completion;
    r->usage.cache_read = llmfi_openai_either(c.cached, llmfi_openai_either(c.cached_flat, llmfi_openai_either(c.cached_num, c.cache_hit)));
    r->usage.cache_write = llmfi_openai_either(c.written, c.created);
    r->usage.reasoning = llmfi_openai_either(c.reasoning, c.reasoning_flat);
    r->total_tokens = c.total;
    r->audio_tokens = c.audio;
    r->chat_counts = true;
}

/* x_groq: {"usage": {…}}, where no usage of the protocol's own has come (RULES 22). */
static void llmfi_openai_x_groq(llmfi_reply *r, llmfi_json *j) {
    if (!llmfi_json_enter(j, LLMFI_J_OBJECT)) return;
    while (llmfi_json_next(j) == LLMFI_J_KEY)
        if (!LLMFI_KEY(j, "usage") || r->dialect.number[LLMFI_OPENAI_USAGE]) llmfi_json_skip(j);
        else if (llmfi_json_enter(j, LLMFI_J_OBJECT)) llmfi_openai_usage(r, j);
}

/* ---- choices ---- */

/* A delta or message, which was just entered. */
static void llmfi_openai_delta_read(llmfi_reply *r, llmfi_json *j) {
    llmfi_openai_delta d;
    d.has_content = d.has_details = d.reasoned = false;
    d.reasoning_rank = 0;
    while (llmfi_json_next(j) == LLMFI_J_KEY) {
        if (LLMFI_KEY(j, "content")) llmfi_openai_take_content(&d, j);
        else if (LLMFI_KEY(j, "role")) llmfi_json_skip(j);
        else if (LLMFI_KEY(j, "reasoning_content")) llmfi_openai_take_reasoning(&d, j, 1);
        else if (LLMFI_KEY(j, "reasoning")) llmfi_openai_take_reasoning(&d, j, 2);
        else if (LLMFI_KEY(j, "refusal")) {
            if (llmfi_openai_string(j)) llmfi_reply_refusal_json(r, j);
        } else if (LLMFI_KEY(j, "tool_calls")) {
            if (!llmfi_json_enter(j, LLMFI_J_ARRAY)) continue;
            llmfi_openai_tell(r, &d);
            llmfi_openai_tool_calls(r, j);
        } else if (LLMFI_KEY(j, "reasoning_details")) {
            if (llmfi_json_next(j) == LLMFI_J_ARRAY) {
                d.details = *j;
                d.has_details = true;
            }
            llmfi_openai_pass(j);
        } else if (LLMFI_KEY(j, "annotations")) llmfi_openai_citations(r, j);
        else llmfi_json_skip(j);
    }
    llmfi_openai_tell(r, &d);
}

/* What a frame holds besides what is told at once. */
typedef struct llmfi_openai_frame {
    bool choices, delta, fault;              /* seen: the choices, choice 0's delta, an error */
    bool told;                               /* something beside the delta counts: usage, an error, a reason to stop, another choice */
    llmf_str error;                          /* an error object inside a choice */
} llmfi_openai_frame;

/* The chunks of a stream are mostly the same bytes: in front of the delta id, model, time and fingerprint, behind it nulls. The front is remembered, with the
   reader as it stands behind it, and so is the rest; where the next chunk has the same bytes they are not read again, as they would say the same again, which
   is nothing. That is two thirds of a chunk's instructions. */
#define LLMFI_OPENAI_REMEMBER 1024

static void llmfi_openai_remember_front(llmfi_reply *r, const llmfi_json *j) {
    llmfi_dialect_state *d = &r->dialect;
    size_t len = (size_t)(j->at - j->from);
    d->front.len = 0;
    if (len > LLMFI_OPENAI_REMEMBER || !llmfi_buf_add(&d->front, j->from, len)) return; /* refused: only slower */
    d->behind = *j;
}

static void llmfi_openai_remember_rest(llmfi_reply *r, llmf_str rest) {
    r->dialect.rest.len = 0;
    if (rest.len <= LLMFI_OPENAI_REMEMBER) llmfi_buf_add(&r->dialect.rest, rest.ptr, rest.len);
}

/* True: the frame begins as remembered, and *j stands inside the delta of choice 0. */
static bool llmfi_openai_recall(const llmfi_reply *r, llmf_str frame, llmfi_json *j) {
    const llmfi_dialect_state *d = &r->dialect;
    if (!d->front.len || d->front.len > frame.len || memcmp(frame.ptr, d->front.ptr, d->front.len) != 0) return false;
    *j = d->behind;
    j->from = frame.ptr;
    j->at = frame.ptr + d->front.len;
    j->end = frame.ptr + frame.len;
    return true;
}

/* The members of a choice. index: as far as it is known, else -1; position: in the list, which counts where there is none. A delta in front of the index
   waits for it. */
static void llmfi_openai_choice(llmfi_reply *r, llmfi_json *j, int64_t index, int64_t position, llmfi_openai_frame *f) {
    llmfi_json later;
    llmf_str finish = llmfi_str("", 0), error = finish;
    bool waits = false;
    while (llmfi_json_next(j) == LLMFI_J_KEY) {
        if (LLMFI_KEY(j, "index")) {
            llmfi_openai_number(j, &index);
        } else if (r->streamed ? LLMFI_KEY(j, "delta") : LLMFI_KEY(j, "message")) {
            if (!llmfi_json_enter(j, LLMFI_J_OBJECT)) continue;
            if (f->delta) f->told = true; /* a second one: members may repeat */
            if (position == 0) f->delta = true;
            if (index < 0) {
                later = *j;
                waits = true;
            }
            if (index == 0 && position == 0 && r->streamed && !f->told && !finish.len && !error.len) llmfi_openai_remember_front(r, j);
            if (index == 0) llmfi_openai_delta_read(r, j);
            else llmfi_json_skip(j);
        } else if (LLMFI_KEY(j, "finish_reason")) {
            if (llmfi_openai_string(j)) finish = llmfi_reply_string(r, j);
        } else if (LLMFI_KEY(j, "error")) {
            if (llmfi_json_raw(j, &error) != LLMFI_J_OBJECT) error.len = 0;
        } else {
            llmfi_json_skip(j);
        }
    }
    if (finish.len || error.len || index || position) f->told = true;
    if (j->token != LLMFI_J_OBJECT_END || (index < 0 ? position : index) != 0) return; /* RULES 2 */
    if (waits) llmfi_openai_delta_read(r, &later);
    if (finish.len) {
        llmfi_reply_finish(r, finish);
        if (r->streamed) r->terminal = true;
    }
    if (error.len) f->error = error;
}

/* The choices from `position` on. */
static void llmfi_openai_choices(llmfi_reply *r, llmfi_json *j, int64_t position, llmfi_openai_frame *f) {
    f->choices = true;
    while (llmfi_openai_item(j)) llmfi_openai_choice(r, j, -1, position++, f);
}

/* ---- frames ---- */

/* The members of a chunk or of the whole body that follow. */
static void llmfi_openai_members(llmfi_reply *r, llmfi_json *j, llmfi_openai_frame *f) {
    while (llmfi_json_next(j) == LLMFI_J_KEY) {
        if (LLMFI_KEY(j, "choices")) {
            if (f->choices) f->told = true;
            if (llmfi_json_enter(j, LLMFI_J_ARRAY)) llmfi_openai_choices(r, j, 0, f);
            continue;
        }
        if (LLMFI_KEY(j, "model")) {
            if (llmfi_openai_string(j) && !r->model_used.len) llmfi_reply_model(r, llmfi_reply_string(r, j));
            continue;
        }
        if (LLMFI_KEY(j, "object")) {
            if (llmfi_openai_string(j) && LLMFI_KEY(j, "error")) f->fault = f->told = true;
            continue;
        }
        if (LLMFI_KEY(j, "usage")) {
            if (!llmfi_json_enter(j, LLMFI_J_OBJECT)) continue;
            llmfi_openai_usage(r, j);
            r->dialect.number[LLMFI_OPENAI_USAGE] = 1;
        } else if (LLMFI_KEY(j, "error")) {
            int token = llmfi_json_scalar(j);
            if (token > LLMFI_J_FALSE && !(token == LLMFI_J_STRING && !j->text.len)) f->fault = true;
        } else if (LLMFI_KEY(j, "x_groq")) {
            llmfi_openai_x_groq(r, j);
        } else if (LLMFI_KEY(j, "citations") || LLMFI_KEY(j, "search_results")) {
            llmfi_openai_citations(r, j);
        } else {
            llmfi_json_skip(j);
            continue;
        }
        f->told = true;
    }
}

/* What follows the delta of choice 0 in a frame whose front was known. */
static void llmfi_openai_rest(llmfi_reply *r, llmfi_json *j, llmfi_openai_frame *f) {
    llmf_str rest = llmfi_range(j->at, j->end);
    bool inside = j->token == LLMFI_J_OBJECT_END;
    if (inside && rest.len && llmfi_eq(rest, llmfi_buf_str(&r->dialect.rest))) {
        j->at = j->end;
        j->want = LLMFI_JW_END;
        return;
    }
    llmfi_openai_choice(r, j, 0, 0, f);
    llmfi_openai_choices(r, j, 1, f);
    llmfi_openai_members(r, j, f);
    if (inside && !f->told && !j->error && llmfi_json_done(j)) llmfi_openai_remember_rest(r, rest);
}

static void llmfi_openai_on_frame(llmfi_reply *r, llmf_str event, llmf_str data) {
    llmfi_openai_frame f;
    llmfi_json j;
    (void)event; /* RULES 27 */
    if (r->error.code) return;
    llmfi_reply_mark(r);
    if (r->streamed && data.len < 32 && LLMFI_IS(llmfi_trim(data), "[DONE]")) {
        r->terminal = true;
        return;
    }
    f.choices = f.delta = f.fault = f.told = false;
    f.error = llmfi_str("", 0);
    if (llmfi_openai_recall(r, data, &j)) {
        f.delta = true;
        llmfi_openai_delta_read(r, &j);
        llmfi_openai_rest(r, &j, &f);
    } else {
        llmfi_json_init(&j, data, true);
        if (llmfi_json_next(&j) == LLMFI_J_OBJECT) llmfi_openai_members(r, &j, &f);
        else llmfi_openai_pass(&j);
    }
    if (!llmfi_frame_end(r, &j, data)) return;
    if (f.fault) llmfi_fault_object(r, data, llmfi_str("", 0));
    else if (f.error.len) llmfi_fault_object(r, f.error, llmfi_str("", 0));
    else if (!r->streamed && f.choices) r->terminal = true;
    else if (!r->streamed) llmfi_frame_foreign(r, "Chat Completions");
}

static const llmfi_adapter llmfi_openai = {
    "openai", llmfi_openai_check, llmfi_openai_path, NULL, llmfi_openai_body, LLMF_FRAMING_JSON, LLMF_FRAMING_SSE, llmfi_openai_on_frame, llmfi_openai_on_end
};

#endif
#endif
#if LLMF_HAS_DIALECT_ANTHROPIC
/* The Messages API of Anthropic ("Claude API reference, Messages": POST /v1/messages), and hosts that speak it. */
#ifndef LLMFI_PROVIDERS_ANTHROPIC_H
#define LLMFI_PROVIDERS_ANTHROPIC_H
/* What Claude answers: Messages bodies and stream events, wherever they come from. Nothing here knows what was asked. */
#ifndef LLMFI_PROVIDERS_ANTHROPIC_REPLY_H
#define LLMFI_PROVIDERS_ANTHROPIC_REPLY_H

/* A state is the provider's name, a colon, and a JSON array of thinking and redacted_thinking blocks as they must go back: another host would refuse their
   signatures. This is its front for a model; model may be NULL. */
static llmf_str llmfi_claude_owner(const llmfi_settings *model) {
    return model && model->provider.len ? model->provider : LLMFI_LIT("anthropic");
}

/* reply.dialect.number[…]. The open block is the one whose content_block_stop is still to come. */
enum {
    LLMFI_CLAUDE_KIND,                       /* of the open block: LLMFI_CLAUDE_… below */
    LLMFI_CLAUDE_INDEX,                      /* its index in the message */
    LLMFI_CLAUDE_CALL,                       /* the position of its tool call */
    LLMFI_CLAUDE_INPUT                       /* usage.input_tokens + 1; 0: not told yet */
};
enum { LLMFI_CLAUDE_OTHER, LLMFI_CLAUDE_THINKING, LLMFI_CLAUDE_TOOL };
/* reply.dialect.buf[…] of the open block, raw JSON: thinking and signature between their quotes; the input that a call began with. */
enum { LLMFI_CLAUDE_THOUGHT, LLMFI_CLAUDE_SIGNATURE, LLMFI_CLAUDE_BEGUN = LLMFI_CLAUDE_SIGNATURE };

/* What a frame asks to be done once all of it has been read and is whole. */
typedef struct llmfi_claude_event {
    llmf_str type;
    int64_t index;
    bool content;                            /* the frame is a message with content */
} llmfi_claude_event;

/* The raw texts of a block. */
typedef struct llmfi_claude_block {
    llmf_str type, text, thinking, signature, data, id, name, input;
} llmfi_claude_block;

/* The type of the object that was just opened, raw. The reader then stands at its first key besides, or at its end. */
static llmf_str llmfi_claude_type(llmfi_json *j) {
    llmf_str type = llmfi_str("", 0);
    llmfi_json ahead;
    llmfi_json_next(j);
    if (j->token != LLMFI_J_KEY) return type;
    if (LLMFI_KEY(j, "type")) { /* where it always stands */
        llmfi_json_take_raw(j, &type);
        llmfi_json_next(j);
        return type;
    }
    ahead = *j;
    for (; ahead.token == LLMFI_J_KEY && !type.len; llmfi_json_next(&ahead))
        if (LLMFI_KEY(&ahead, "type")) llmfi_json_take_raw(&ahead, &type);
        else llmfi_json_skip(&ahead);
    return type;
}

/* ---- state ---- */

/* Raw JSON text, cleaned of what is no UTF-8. */
static void llmfi_claude_put(llmfi_reply *r, llmfi_buf *b, llmf_str s) {
    s = llmfi_reply_clean(r, s);
    if (!s.len || r->error.code || !llmfi_reply_room(r, -2, b, s.len)) return; /* -2: nothing of these buffers is ever lent to an event */
    memcpy(b->ptr + b->len, s.ptr, s.len);
    b->len += s.len;
}

#define LLMFI_CLAUDE_PUT(r, b, lit) llmfi_claude_put((r), (b), LLMFI_LIT(lit))

/* One block more. The state is a whole array at any time between two frames: its ] is taken off for the next block. */
static void llmfi_claude_state(llmfi_reply *r, const char *type, const char *member, llmf_str value, llmf_str signature) {
    llmfi_buf *b = &r->state;
    size_t before = b->len;
    if (r->error.code) return;
    if (b->len) b->len--;
    if (!before) llmfi_claude_put(r, b, llmfi_claude_owner((const llmfi_settings *)r->user));
    llmfi_claude_put(r, b, before ? LLMFI_LIT(",") : LLMFI_LIT(":["));
    LLMFI_CLAUDE_PUT(r, b, "{\"type\":\"");
    llmfi_claude_put(r, b, llmfi_cstr(type));
    LLMFI_CLAUDE_PUT(r, b, "\",\"");
    llmfi_claude_put(r, b, llmfi_cstr(member));
    LLMFI_CLAUDE_PUT(r, b, "\":\"");
    llmfi_claude_put(r, b, value);
    if (signature.len) LLMFI_CLAUDE_PUT(r, b, "\",\"signature\":\"");
    llmfi_claude_put(r, b, signature);
    LLMFI_CLAUDE_PUT(r, b, "\"}]");
    if (!r->error.code) return;
    b->len = before;
    if (before) b->ptr[before - 1] = ']';
}

/* Undoes the frame, and what taking off the ] has done to the state of earlier frames. */
static void llmfi_claude_bad_frame(llmfi_reply *r, const llmfi_json *j, llmf_str frame) {
    llmfi_reply_bad_frame(r, j, frame);
    if (r->state.len) r->state.ptr[r->state.len - 1] = ']';
}

/* ---- blocks ---- */

/* The open block is over. Its buffers keep their bytes, for the frame may yet be undone. */
static void llmfi_claude_close(llmfi_reply *r) {
    int64_t *number = r->dialect.number;
    llmfi_buf *buf = r->dialect.buf;
    if (number[LLMFI_CLAUDE_KIND] == LLMFI_CLAUDE_THINKING) {
        llmfi_claude_state(r, "thinking", "thinking", llmfi_buf_str(&buf[LLMFI_CLAUDE_THOUGHT]), llmfi_buf_str(&buf[LLMFI_CLAUDE_SIGNATURE]));
    } else if (number[LLMFI_CLAUDE_KIND] == LLMFI_CLAUDE_TOOL && !r->error.code) {
        int at = (int)number[LLMFI_CLAUDE_CALL];
        if (!llmfi_reply_tool(r, at)->args.len) llmfi_reply_tool_args(r, at, llmfi_buf_str(&buf[LLMFI_CLAUDE_BEGUN]));
        llmfi_reply_tool_end(r, at);
    }
    number[LLMFI_CLAUDE_KIND] = LLMFI_CLAUDE_OTHER;
    buf[0].len = buf[1].len = 0;
}

/* The same, in a frame that is known to be whole. */
static void llmfi_claude_close_for_good(llmfi_reply *r) {
    int i;
    llmfi_claude_close(r);
    for (i = 0; i < 2; i++)
        if (r->dialect.buf[i].cap > LLMF_REPLY_KEEP) llmfi_buf_free(&r->dialect.buf[i]);
}

/* {} in any spelling: in a stream it only says that the input is still to come. */
static bool llmfi_claude_no_input(llmf_str input) {
    return !input.len || !llmfi_trim(llmfi_str(input.ptr + 1, input.len > 1 ? input.len - 2 : 0)).len;
}

/* Opens a block with what it began with. Server tools, their results, compaction and fallback give nothing (RULES 7, 10). */
static void llmfi_claude_open(llmfi_reply *r, const llmfi_claude_block *b, int64_t index) {
    int64_t *number = r->dialect.number;
    llmfi_json text;
    if (number[LLMFI_CLAUDE_KIND] != LLMFI_CLAUDE_OTHER) llmfi_claude_close(r);
    number[LLMFI_CLAUDE_INDEX] = index;
    if (LLMFI_IS(b->type, "text")) {
        text = llmfi_json_at_raw(b->text);
        if (b->text.len) llmfi_reply_text_json(r, &text);
    } else if (LLMFI_IS(b->type, "thinking")) {
        number[LLMFI_CLAUDE_KIND] = LLMFI_CLAUDE_THINKING;
        text = llmfi_json_at_raw(b->thinking);
        if (b->thinking.len) llmfi_reply_reasoning_json(r, &text);
        llmfi_claude_put(r, &r->dialect.buf[LLMFI_CLAUDE_THOUGHT], b->thinking);
        llmfi_claude_put(r, &r->dialect.buf[LLMFI_CLAUDE_SIGNATURE], b->signature);
    } else if (LLMFI_IS(b->type, "redacted_thinking")) {
        llmfi_claude_state(r, "redacted_thinking", "data", b->data, llmfi_str("", 0));
    } else if (LLMFI_IS(b->type, "tool_use")) {
        int at = llmfi_reply_tool_begin(r, index, llmfi_reply_raw(r, b->id), llmfi_reply_raw(r, b->name));
        if (at < 0) return;
        number[LLMFI_CLAUDE_KIND] = LLMFI_CLAUDE_TOOL;
        number[LLMFI_CLAUDE_CALL] = at;
        if (!llmfi_claude_no_input(b->input)) llmfi_claude_put(r, &r->dialect.buf[LLMFI_CLAUDE_BEGUN], b->input);
    }
}

/* A citation: url and title of a web page, source and title of a search result, document_title of a document. */
static void llmfi_claude_citation(llmfi_reply *r, llmfi_json *j) {
    llmf_str url = llmfi_str("", 0), title = url;
    while (llmfi_json_next(j) == LLMFI_J_KEY)
        if (LLMFI_KEY(j, "url") || LLMFI_KEY(j, "source")) llmfi_json_take_raw(j, &url);
        else if (LLMFI_KEY(j, "title") || LLMFI_KEY(j, "document_title")) llmfi_json_take_raw(j, &title);
        else llmfi_json_skip(j);
    url = llmfi_reply_raw(r, url);
    llmfi_reply_citation(r, url, llmfi_reply_raw(r, title));
}

static void llmfi_claude_citations(llmfi_reply *r, llmfi_json *j) {
    if (!llmfi_json_enter(j, LLMFI_J_ARRAY)) return;
    while (llmfi_json_next(j) > 0 && j->token != LLMFI_J_ARRAY_END)
        if (j->token == LLMFI_J_OBJECT) llmfi_claude_citation(r, j);
        else if (j->token == LLMFI_J_ARRAY) llmfi_json_skip(j);
}

/* The block object that was just opened; whole: it is complete, as in a message. */
static void llmfi_claude_block_in(llmfi_reply *r, llmfi_json *j, int64_t index, bool whole) {
    llmfi_claude_block b;
    memset(&b, 0, sizeof b);
    b.type = llmfi_claude_type(j);
    for (; j->token == LLMFI_J_KEY; llmfi_json_next(j))
        if (LLMFI_KEY(j, "text")) llmfi_json_take_raw(j, &b.text);
        else if (LLMFI_KEY(j, "thinking")) llmfi_json_take_raw(j, &b.thinking);
        else if (LLMFI_KEY(j, "signature")) llmfi_json_take_raw(j, &b.signature);
        else if (LLMFI_KEY(j, "data")) llmfi_json_take_raw(j, &b.data);
        else if (LLMFI_KEY(j, "id")) llmfi_json_take_raw(j, &b.id);
        else if (LLMFI_KEY(j, "name")) llmfi_json_take_raw(j, &b.name);
        else if (LLMFI_KEY(j, "input")) llmfi_json_raw(j, &b.input);
        else if (LLMFI_KEY(j, "citations") && LLMFI_IS(b.type, "text")) llmfi_claude_citations(r, j);
        else llmfi_json_skip(j);
    if (j->error) return;
    llmfi_claude_open(r, &b, index);
    if (whole) llmfi_claude_close(r);
}

/* ---- deltas ---- */

/* A piece of the arguments of the call with that index; of any other block it is a server tool's. */
static void llmfi_claude_arguments(llmfi_reply *r, const llmfi_json *j, int64_t index) {
    const int64_t *number = r->dialect.number;
    bool open = index < 0 || index == number[LLMFI_CLAUDE_INDEX];
    int at = !open ? llmfi_reply_tool_find(r, index) : number[LLMFI_CLAUDE_KIND] == LLMFI_CLAUDE_TOOL ? (int)number[LLMFI_CLAUDE_CALL] : -1;
    if (at >= 0) llmfi_reply_tool_args_json(r, at, j);
}

/* A piece of thinking: to be read, and to be given back. */
static void llmfi_claude_thought(llmfi_reply *r, const llmfi_json *j) {
    llmfi_reply_reasoning_json(r, j);
    if (r->dialect.number[LLMFI_CLAUDE_KIND] == LLMFI_CLAUDE_THINKING) llmfi_claude_put(r, &r->dialect.buf[LLMFI_CLAUDE_THOUGHT], j->text);
}

/* The delta object of a content_block_delta, just opened. */
static void llmfi_claude_delta(llmfi_reply *r, llmfi_json *j, int64_t index) {
    llmf_str type = llmfi_claude_type(j);
    bool thinking = r->dialect.number[LLMFI_CLAUDE_KIND] == LLMFI_CLAUDE_THINKING;
    for (; j->token == LLMFI_J_KEY; llmfi_json_next(j)) {
        if (LLMFI_KEY(j, "text") && LLMFI_IS(type, "text_delta")) {
            if (llmfi_json_scalar(j) == LLMFI_J_STRING) llmfi_reply_text_json(r, j);
        } else if (LLMFI_KEY(j, "thinking") && LLMFI_IS(type, "thinking_delta")) {
            if (llmfi_json_scalar(j) == LLMFI_J_STRING) llmfi_claude_thought(r, j);
        } else if (LLMFI_KEY(j, "signature") && LLMFI_IS(type, "signature_delta")) {
            if (llmfi_json_scalar(j) == LLMFI_J_STRING && thinking) llmfi_claude_put(r, &r->dialect.buf[LLMFI_CLAUDE_SIGNATURE], j->text);
        } else if (LLMFI_KEY(j, "partial_json") && LLMFI_IS(type, "input_json_delta")) {
            if (llmfi_json_scalar(j) == LLMFI_J_STRING) llmfi_claude_arguments(r, j, index);
        } else if (LLMFI_KEY(j, "citation") && LLMFI_IS(type, "citations_delta")) {
            if (llmfi_json_enter(j, LLMFI_J_OBJECT)) llmfi_claude_citation(r, j);
        } else {
            llmfi_json_skip(j);
        }
    }
}

/* ---- usage, messages ---- */

static void llmfi_claude_count(llmfi_json *j, int64_t *to) {
    int64_t n;
    llmfi_json_scalar(j);
    n = llmfi_reply_number(j);
    if (n >= 0) *to = n; /* null does not overwrite (RULES 22) */
}

/* A usage, laid over what came before, member by member. */
static void llmfi_claude_usage(llmfi_reply *r, llmfi_json *j) {
    llmf_usage *u = &r->usage;
    int64_t input = r->dialect.number[LLMFI_CLAUDE_INPUT] - 1;
    if (!llmfi_json_enter(j, LLMFI_J_OBJECT)) return;
    while (llmfi_json_next(j) == LLMFI_J_KEY) {
        if (LLMFI_KEY(j, "input_tokens")) llmfi_claude_count(j, &input);
        else if (LLMFI_KEY(j, "output_tokens")) llmfi_claude_count(j, &u->output);
        else if (LLMFI_KEY(j, "cache_read_input_tokens")) llmfi_claude_count(j, &u->cache_read);
        else if (LLMFI_KEY(j, "cache_creation_input_tokens")) llmfi_claude_count(j, &u->cache_write);
        else if (LLMFI_KEY(j, "output_tokens_details")) {
            if (!llmfi_json_enter(j, LLMFI_J_OBJECT)) continue;
            while (llmfi_json_next(j) == LLMFI_J_KEY)
                if (LLMFI_KEY(j, "thinking_tokens")) llmfi_claude_count(j, &u->reasoning);
                else llmfi_json_skip(j);
        } else {
            llmfi_json_skip(j);
        }
    }
    if (input == INT64_MAX) input--;
    r->dialect.number[LLMFI_CLAUDE_INPUT] = input + 1;
    u->input = llmfi_reply_sum(llmfi_reply_sum(input, u->cache_read), u->cache_write);
}

static void llmfi_claude_reason(llmfi_reply *r, llmfi_json *j) {
    if (llmfi_json_scalar(j) == LLMFI_J_STRING) llmfi_reply_finish(r, llmfi_reply_string(r, j));
}

/* The value of the key that the reader stands at, if it is a member of a message. */
static bool llmfi_claude_member(llmfi_reply *r, llmfi_json *j, bool *content) {
    int64_t index = 0;
    if (LLMFI_KEY(j, "model")) {
        if (llmfi_json_scalar(j) == LLMFI_J_STRING) llmfi_reply_model(r, llmfi_reply_string(r, j));
    } else if (LLMFI_KEY(j, "stop_reason")) {
        llmfi_claude_reason(r, j);
    } else if (LLMFI_KEY(j, "usage")) {
        llmfi_claude_usage(r, j);
    } else if (LLMFI_KEY(j, "content")) {
        if (!llmfi_json_enter(j, LLMFI_J_ARRAY)) return true;
        *content = true;
        while (llmfi_json_next(j) > 0 && j->token != LLMFI_J_ARRAY_END)
            if (j->token == LLMFI_J_OBJECT) llmfi_claude_block_in(r, j, index++, true);
            else if (j->token == LLMFI_J_ARRAY) llmfi_json_skip(j);
    } else {
        return false;
    }
    return true;
}

/* The members of the frame, whose type is known. An event without a delta's index is about the open block. */
static void llmfi_claude_members(llmfi_reply *r, llmfi_json *j, llmfi_claude_event *e) {
    bool message = LLMFI_IS(e->type, "message") || (!e->type.len && !r->streamed), nothing = false;
    for (; j->token == LLMFI_J_KEY; llmfi_json_next(j)) {
        if (LLMFI_KEY(j, "index")) {
            llmfi_claude_count(j, &e->index);
        } else if (LLMFI_KEY(j, "delta") && LLMFI_IS(e->type, "content_block_delta")) {
            if (llmfi_json_enter(j, LLMFI_J_OBJECT)) llmfi_claude_delta(r, j, e->index);
        } else if (LLMFI_KEY(j, "content_block") && LLMFI_IS(e->type, "content_block_start")) {
            if (llmfi_json_enter(j, LLMFI_J_OBJECT)) llmfi_claude_block_in(r, j, e->index, false);
        } else if (LLMFI_KEY(j, "delta") && LLMFI_IS(e->type, "message_delta")) {
            if (!llmfi_json_enter(j, LLMFI_J_OBJECT)) continue;
            while (llmfi_json_next(j) == LLMFI_J_KEY)
                if (LLMFI_KEY(j, "stop_reason")) llmfi_claude_reason(r, j);
                else llmfi_json_skip(j);
        } else if (LLMFI_KEY(j, "usage") && LLMFI_IS(e->type, "message_delta")) {
            llmfi_claude_usage(r, j);
        } else if (LLMFI_KEY(j, "message") && LLMFI_IS(e->type, "message_start")) {
            if (!llmfi_json_enter(j, LLMFI_J_OBJECT)) continue;
            while (llmfi_json_next(j) == LLMFI_J_KEY)
                if (!llmfi_claude_member(r, j, &nothing)) llmfi_json_skip(j);
        } else if (!message || !llmfi_claude_member(r, j, &e->content)) {
            llmfi_json_skip(j);
        }
    }
}

/* ---- frames ---- */

/* Behind {"type":"content_block_delta","index":N — nearly all events are one of these, with blanks before the last brace as padding. */
static const struct {
    const char *text;
    size_t len;
} llmfi_claude_usual[] = {
#define LLMFI_CLAUDE_USUAL(type, key) { ",\"delta\":{\"type\":\"" type "\",\"" key "\":", sizeof(",\"delta\":{\"type\":\"" type "\",\"" key "\":") - 1 }
    LLMFI_CLAUDE_USUAL("text_delta", "text"), LLMFI_CLAUDE_USUAL("thinking_delta", "thinking"), LLMFI_CLAUDE_USUAL("input_json_delta", "partial_json")
#undef LLMFI_CLAUDE_USUAL
};

/* The usual spelling of the usual events, read without asking for each token. False: it is another one, and nothing has been done. */
static bool llmfi_claude_usual_event(llmfi_reply *r, llmf_str data) {
    llmf_str front = LLMFI_LIT("{\"type\":\"content_block_delta\",\"index\":"), rest;
    size_t at = front.len, kind = 0;
    int64_t index = 0;
    llmfi_json j;
    if (!llmfi_starts(data, front)) return false;
    while (at < data.len && llmfi_is_digit(data.ptr[at]) && index < 100000) index = index * 10 + (data.ptr[at++] - '0');
    if (at == front.len || (at > front.len + 1 && data.ptr[front.len] == '0')) return false;
    rest = llmfi_from(data, at);
    while (kind < LLMFI_COUNT(llmfi_claude_usual) && !llmfi_starts(rest, llmfi_str(llmfi_claude_usual[kind].text, llmfi_claude_usual[kind].len))) kind++;
    if (kind == LLMFI_COUNT(llmfi_claude_usual)) return false;
    llmfi_json_init(&j, llmfi_from(rest, llmfi_claude_usual[kind].len), true);
    if (llmfi_json_next(&j) != LLMFI_J_STRING || j.at == j.end || *j.at++ != '}') return false;
    while (j.at < j.end && *j.at == ' ') j.at++;
    if (j.end - j.at != 1 || *j.at != '}') return false;
    if (kind == 0) llmfi_reply_text_json(r, &j);
    else if (kind == 1) llmfi_claude_thought(r, &j);
    else llmfi_claude_arguments(r, &j, index);
    return true;
}

/* The whole body of a reply, or one event of a stream. */
static void llmfi_anthropic_frame(llmfi_reply *r, llmf_str event, llmf_str data) {
    llmfi_claude_event e;
    llmfi_json j;
    (void)event; /* the type inside counts (RULES 27) */
    if (r->error.code || (r->terminal && LLMFI_IS(data, "[DONE]"))) return; /* gateways end every stream so */
    memset(&e, 0, sizeof e);
    e.index = -1;
    llmfi_reply_mark(r);
    if (llmfi_claude_usual_event(r, data)) return;
    llmfi_json_init(&j, data, true);
    if (llmfi_json_enter(&j, LLMFI_J_OBJECT)) {
        e.type = llmfi_claude_type(&j);
        llmfi_claude_members(r, &j, &e);
    }
    if (j.error || llmfi_json_next(&j) != LLMFI_J_END) {
        llmfi_claude_bad_frame(r, &j, data);
    } else if (LLMFI_IS(e.type, "error")) {
        llmfi_fault_object(r, data, llmfi_str("", 0));
    } else if (LLMFI_IS(e.type, "content_block_stop")) {
        if (e.index < 0 || e.index == r->dialect.number[LLMFI_CLAUDE_INDEX]) llmfi_claude_close_for_good(r);
    } else if (LLMFI_IS(e.type, "message_stop")) {
        llmfi_claude_close_for_good(r);
        r->terminal = true;
    } else if (e.content) {
        r->terminal = true;
    } else if (!r->streamed) {
        llmfi_frame_foreign(r, "an answer of the Messages API");
    }
}

#endif

/* From this version on temperature, top_p and top_k are refused ("Migrating to API version 2026-10-21"). */
#define LLMFI_ANTHROPIC_NO_SAMPLING "2026-10-21"
#define LLMFI_ANTHROPIC_OLD_VERSION "2023-06-01"
/* The least budget of thinking tokens, and what is left for the answer where the budget is ours to choose. */
#define LLMFI_ANTHROPIC_LEAST 1024
/* max_tokens, which the API demands, for a host whose row names none. */
#define LLMFI_ANTHROPIC_TOKENS 4096

/* ---- request: what is asked ---- */

static int64_t llmfi_anthropic_max_tokens(const llmfi_ask *a) {
    return a->req->max_tokens > 0 ? a->req->max_tokens : LLMFI_ANTHROPIC_TOKENS;
}

/* The first of the sampling parameters that the request carries, its own or an extra one; NULL: none. */
static const char *llmfi_anthropic_sampling(const llmfi_ask *a) {
    if (a->req->temperature != 0 || llmfi_extra(a, LLMFI_LIT("temperature"))) return "temperature";
    if (a->req->top_p != 0 || llmfi_extra(a, LLMFI_LIT("top_p"))) return "top_p";
    return llmfi_extra(a, LLMFI_LIT("top_k")) ? "top_k" : NULL;
}

/* Versions are dates, so their order is that of their text. */
static bool llmfi_anthropic_refuses_sampling(llmf_str version) {
    llmf_str since = LLMFI_LIT(LLMFI_ANTHROPIC_NO_SAMPLING);
    return version.len == since.len && llmfi_is_digit(version.ptr[0]) && memcmp(version.ptr, since.ptr, since.len) >= 0;
}

/* The version that this request goes out with. A host whose row has none gets the one that all hosts know. */
static llmf_str llmfi_anthropic_version(const llmfi_ask *a) {
    llmf_str v = a->model->api_version;
    bool older = llmfi_anthropic_refuses_sampling(v) && (a->model->quirks & LLMFI_Q_SAMPLING_OLD_VERSION) && llmfi_anthropic_sampling(a);
    return !v.len || older ? LLMFI_LIT(LLMFI_ANTHROPIC_OLD_VERSION) : v;
}

enum { LLMFI_THINK_UNSAID, LLMFI_THINK_OFF, LLMFI_THINK_BUDGET, LLMFI_THINK_EFFORT };

typedef struct llmfi_anthropic_think {
    int mode;
    int64_t budget;
    const char *effort;
} llmfi_anthropic_think;

/* What an effort word comes to: a level of output_config.effort, and a budget for models that know no effort, cut so that the answer keeps
   LLMFI_ANTHROPIC_LEAST of max_tokens. */
static const struct {
    const char *word, *effort;
    int64_t budget;
} llmfi_anthropic_efforts[] = { { "minimal", "low", 1024 }, { "low", "low", 2048 },      { "medium", "medium", 8192 },
                                { "high", "high", 16384 },  { "xhigh", "xhigh", 32768 }, { "max", "max", 65536 } };

static llmfi_anthropic_think llmfi_anthropic_thinking(const llmfi_ask *a) {
    llmfi_anthropic_think t = { LLMFI_THINK_UNSAID, 0, NULL };
    llmf_str word = llmfi_cstr(a->req->reasoning);
    size_t i;
    if (!word.len || llmfi_extra(a, LLMFI_LIT("thinking"))) return t;
    if (LLMFI_IS(word, "none")) {
        if (!(a->model->quirks & LLMFI_Q_NO_REASONING)) t.mode = LLMFI_THINK_OFF;
        return t;
    }
    t.mode = LLMFI_THINK_BUDGET;
    if (llmfi_reasoning_tokens(a->req->reasoning, &t.budget)) return t;
    for (i = 0; i + 1 < LLMFI_COUNT(llmfi_anthropic_efforts); i++)
        if (llmfi_eq(word, llmfi_cstr(llmfi_anthropic_efforts[i].word))) break;
    t.effort = llmfi_anthropic_efforts[i].effort;
    t.budget = llmfi_anthropic_efforts[i].budget;
    if (a->model->quirks & LLMFI_Q_ADAPTIVE_THINKING) t.mode = LLMFI_THINK_EFFORT;
    else if (t.budget > llmfi_anthropic_max_tokens(a) - LLMFI_ANTHROPIC_LEAST) t.budget = llmfi_anthropic_max_tokens(a) - LLMFI_ANTHROPIC_LEAST;
    return t;
}

/* ---- request: parts ---- */

enum { LLMFI_FROM_NONE, LLMFI_FROM_BYTES, LLMFI_FROM_BASE64, LLMFI_FROM_URL, LLMFI_FROM_TEXT };

typedef struct llmfi_anthropic_source {
    int kind;
    bool image;
    llmf_str media, text;                    /* text: of _URL the URL, of _BASE64 the base64 */
} llmfi_anthropic_source;

static llmfi_anthropic_source llmfi_anthropic_source_of(const llmf_part *p) {
    llmfi_anthropic_source s;
    memset(&s, 0, sizeof s);
    s.text = llmfi_cstr(p->url);
    if (p->url) {
        s.media = llmfi_cstr(p->media_type);
        s.kind = llmfi_data_url(s.text, &s.media, &s.text) ? LLMFI_FROM_BASE64 : llmfi_starts(s.text, LLMFI_LIT("data:")) ? LLMFI_FROM_NONE : LLMFI_FROM_URL;
    } else {
        s.media = llmfi_part_media(p);
        s.kind = LLMFI_FROM_BYTES;
    }
    s.image = p->type == LLMF_PART_IMAGE || (p->type == LLMF_PART_FILE && llmfi_starts(s.media, LLMFI_LIT("image/")));
    if (s.image || s.kind == LLMFI_FROM_URL || LLMFI_IS(s.media, "application/pdf")) return s;
    if (s.kind == LLMFI_FROM_BYTES && (llmfi_starts(s.media, LLMFI_LIT("text/")) || LLMFI_IS(s.media, "application/json"))) s.kind = LLMFI_FROM_TEXT;
    else s.kind = LLMFI_FROM_NONE;
    return s;
}

static void llmfi_anthropic_cache(llmfi_jw *w, bool cached) {
    if (!cached) return;
    llmfi_jw_key(w, "cache_control");
    llmfi_jw_object(w);
    llmfi_jw_member_lit(w, "type", "ephemeral");
    llmfi_jw_object_end(w);
}

static void llmfi_anthropic_text_block(llmfi_jw *w, llmf_str text, bool cached) {
    llmfi_jw_object(w);
    llmfi_jw_member_lit(w, "type", "text");
    llmfi_jw_member_str(w, "text", text);
    llmfi_anthropic_cache(w, cached);
    llmfi_jw_object_end(w);
}

static void llmfi_anthropic_media_block(llmfi_jw *w, const llmf_part *p, bool cached) {
    llmfi_anthropic_source s = llmfi_anthropic_source_of(p);
    llmfi_jw_object(w);
    llmfi_jw_member_str(w, "type", s.image ? LLMFI_LIT("image") : LLMFI_LIT("document"));
    llmfi_jw_key(w, "source");
    llmfi_jw_object(w);
    if (s.kind == LLMFI_FROM_URL) {
        llmfi_jw_member_lit(w, "type", "url");
        llmfi_jw_member_str(w, "url", s.text);
    } else if (s.kind == LLMFI_FROM_TEXT) {
        llmfi_jw_member_lit(w, "type", "text");
        llmfi_jw_member_lit(w, "media_type", "text/plain");
        llmfi_jw_member_str(w, "data", llmfi_str((const char *)p->data, p->data_len));
    } else {
        llmfi_jw_member_lit(w, "type", "base64");
        llmfi_jw_member_str(w, "media_type", s.media);
        llmfi_jw_key(w, "data");
        if (s.kind == LLMFI_FROM_BASE64) llmfi_jw_str(w, s.text);
        else llmfi_jw_base64_string(w, llmfi_str("", 0), p->data, p->data_len);
    }
    llmfi_jw_object_end(w);
    if (!s.image && p->name && *p->name) llmfi_jw_member_str(w, "title", llmfi_cstr(p->name));
    llmfi_anthropic_cache(w, cached);
    llmfi_jw_object_end(w);
}

/* ---- request: messages ---- */

/* The blocks of a state that this provider gave, as the text of a JSON array; empty: there are none. */
static llmf_str llmfi_anthropic_blocks(const llmfi_ask *a, const llmf_message *m) {
    llmf_str state = m->state, owner = llmfi_claude_owner(a->model);
    if (m->role != LLMF_ASSISTANT || state.len <= owner.len || !llmfi_starts(state, owner) || state.ptr[owner.len] != ':') return llmfi_str("", 0);
    return llmfi_from(state, owner.len + 1);
}

static bool llmfi_anthropic_empty(const llmf_part *p) {
    return p->type == LLMF_PART_TEXT && !llmfi_text_at(p->text, p->text_len).len;
}

/* How many blocks a message becomes, those of its state left out. Empty text is none: the API refuses it. */
static size_t llmfi_anthropic_count(const llmf_message *m) {
    size_t i, n = (llmfi_text_at(m->content, m->content_len).len != 0) + m->tool_call_count;
    if (m->role == LLMF_TOOL) return 1;
    for (i = 0; i < m->part_count; i++) n += !llmfi_anthropic_empty(&m->parts[i]);
    return n;
}

/* Which side says it; LLMF_SYSTEM: none, its text is in `system`, or there is nothing to say. */
static int llmfi_anthropic_side(const llmfi_ask *a, const llmf_message *m) {
    if (m->role == LLMF_SYSTEM || (!llmfi_anthropic_count(m) && !llmfi_anthropic_blocks(a, m).len)) return LLMF_SYSTEM;
    return m->role == LLMF_ASSISTANT ? LLMF_ASSISTANT : LLMF_USER;
}

/* The side of the next message before or after i that has one; LLMF_SYSTEM: there is none. */
static int llmfi_anthropic_beside(const llmfi_ask *a, size_t i, bool after) {
    int side = LLMF_SYSTEM;
    while (side == LLMF_SYSTEM && (after ? ++i < a->req->message_count : i-- > 0)) side = llmfi_anthropic_side(a, &a->req->messages[i]);
    return side;
}

/* Ids that other providers made may hold what Anthropic's pattern ^[a-zA-Z0-9_-]+$ refuses: call and answer get the same other one. */
static void llmfi_anthropic_id(llmfi_jw *w, llmf_str id) {
    size_t i;
    llmfi_jw_str_begin(w);
    for (i = 0; i < id.len; i++) {
        char c = id.ptr[i], low = llmfi_lower(c);
        if (!llmfi_is_digit(c) && !(low >= 'a' && low <= 'z') && c != '_' && c != '-') c = '_';
        llmfi_jw_str_piece(w, llmfi_str(&c, 1));
    }
    llmfi_jw_str_end(w);
}

/* Content, parts and calls as blocks; `left` counts them down: the last one of all is marked where `cached`. */
static void llmfi_anthropic_content(llmfi_jw *w, const llmf_message *m, size_t left, bool cached) {
    llmf_str content = llmfi_text_at(m->content, m->content_len);
    size_t i;
    if (content.len) llmfi_anthropic_text_block(w, content, cached && --left == 0);
    for (i = 0; i < m->part_count; i++) {
        const llmf_part *p = &m->parts[i];
        if (llmfi_anthropic_empty(p)) continue;
        if (p->type == LLMF_PART_TEXT) llmfi_anthropic_text_block(w, llmfi_str(p->text, p->text_len), cached && --left == 0);
        else llmfi_anthropic_media_block(w, p, cached && --left == 0);
    }
    for (i = 0; i < m->tool_call_count; i++) {
        const llmf_tool_call *c = &m->tool_calls[i];
        llmfi_jw_object(w);
        llmfi_jw_member_lit(w, "type", "tool_use");
        llmfi_jw_key(w, "id");
        llmfi_anthropic_id(w, c->id);
        llmfi_jw_member_str(w, "name", c->name);
        llmfi_jw_key(w, "input");
        llmfi_jw_arguments(w, c);
        llmfi_anthropic_cache(w, cached && --left == 0);
        llmfi_jw_object_end(w);
    }
}

static void llmfi_anthropic_result(llmfi_jw *w, const llmf_message *m, bool cached) {
    llmf_str content = llmfi_text_at(m->content, m->content_len);
    llmfi_jw_object(w);
    llmfi_jw_member_lit(w, "type", "tool_result");
    llmfi_jw_key(w, "tool_use_id");
    llmfi_anthropic_id(w, m->tool_call_id);
    if (m->part_count) {
        llmfi_jw_key(w, "content");
        llmfi_jw_array(w);
        llmfi_anthropic_content(w, m, 0, false);
        llmfi_jw_array_end(w);
    } else if (content.len) {
        llmfi_jw_member_str(w, "content", content);
    }
    if (m->is_error) llmfi_jw_member_bool(w, "is_error", true);
    llmfi_anthropic_cache(w, cached);
    llmfi_jw_object_end(w);
}

/* Writes the items of a JSON array into the array that is open. Those behind a broken one are left out. */
static void llmfi_anthropic_items(llmfi_jw *w, llmf_str array) {
    llmfi_json j;
    llmf_str item;
    llmfi_json_init(&j, array, true);
    if (llmfi_json_next(&j) != LLMFI_J_ARRAY) return;
    while (llmfi_json_raw(&j, &item) == LLMFI_J_OBJECT) llmfi_jw_raw(w, item);
}

/* Neighbours of one side are one message, as the API wants them to alternate. */
static void llmfi_anthropic_message(const llmfi_ask *a, size_t i, llmfi_jw *w) {
    const llmf_message *m = &a->req->messages[i];
    int side = llmfi_anthropic_side(a, m), next;
    bool cached;
    if (side == LLMF_SYSTEM) return;
    next = llmfi_anthropic_beside(a, i, true);
    cached = a->req->cache && next == LLMF_SYSTEM;
    if (llmfi_anthropic_beside(a, i, false) != side) {
        llmfi_jw_object(w);
        llmfi_jw_member_str(w, "role", side == LLMF_USER ? LLMFI_LIT("user") : LLMFI_LIT("assistant"));
        llmfi_jw_key(w, "content");
        llmfi_jw_array(w);
    }
    llmfi_anthropic_items(w, llmfi_anthropic_blocks(a, m)); /* thinking comes first and unchanged, or the next turn is refused */
    if (m->role == LLMF_TOOL) llmfi_anthropic_result(w, m, cached);
    else llmfi_anthropic_content(w, m, llmfi_anthropic_count(m), cached);
    if (next != side) {
        llmfi_jw_array_end(w);
        llmfi_jw_object_end(w);
    }
}

/* ---- request: system ---- */

static size_t llmfi_anthropic_system_count(const llmf_message *m) {
    return m->role == LLMF_SYSTEM ? llmfi_anthropic_count(m) : 0;
}

/* A system message stands in the index i + 1; 0 is the request's own text. The last piece of all is marked where the prompt is to be cached. */
static void llmfi_anthropic_system(const llmfi_ask *a, size_t at, llmfi_jw *w) {
    llmf_str own = llmfi_text_at(a->req->system, a->req->system_len);
    size_t i = at, count = at ? llmfi_anthropic_system_count(&a->req->messages[at - 1]) : own.len != 0;
    bool cached = a->req->cache && count;
    while (cached && i < a->req->message_count)
        if (llmfi_anthropic_system_count(&a->req->messages[i++])) cached = false;
    if (at && count) llmfi_anthropic_content(w, &a->req->messages[at - 1], count, cached);
    else if (count) llmfi_anthropic_text_block(w, own, cached);
}

static bool llmfi_anthropic_system_messages(const llmfi_ask *a) {
    size_t i;
    for (i = 0; i < a->req->message_count; i++)
        if (llmfi_anthropic_system_count(&a->req->messages[i])) return true;
    return false;
}

/* ---- request: the rest ---- */

static bool llmfi_anthropic_own(const llmfi_ask *a, const char *name) {
    return !llmfi_extra(a, llmfi_cstr(name));
}

static bool llmfi_anthropic_any(llmf_str key, const char *const *words, size_t count) {
    size_t i;
    for (i = 0; i < count; i++)
        if (llmfi_eq(key, llmfi_cstr(words[i]))) return true;
    return false;
}

/* The schema, each object in it closed to members it does not name, as constrained output demands ("Structured outputs", JSON Schema limitations).
   names: its members are named by the user. Recursion is bounded by the reader's LLMF_MAX_DEPTH. */
static void llmfi_anthropic_schema(llmfi_jw *w, const llmfi_node *s, bool names) {
    static const char *const named[] = { "properties", "$defs", "definitions" }, *const values[] = { "default", "const", "enum", "examples" };
    const llmfi_node *n;
    if (s->type == LLMFI_ARRAY) {
        llmfi_jw_array(w);
        for (n = s->child; n; n = n->next) llmfi_anthropic_schema(w, n, false);
        llmfi_jw_array_end(w);
    } else if (s->type != LLMFI_OBJECT) {
        llmfi_node_write(w, s);
    } else {
        llmfi_jw_object(w);
        for (n = s->child; n; n = n->next) {
            llmfi_jw_key_str(w, n->key);
            if (!names && llmfi_anthropic_any(n->key, values, LLMFI_COUNT(values))) llmfi_node_write(w, n);
            else llmfi_anthropic_schema(w, n, !names && llmfi_anthropic_any(n->key, named, LLMFI_COUNT(named)));
        }
        if (!names && llmfi_member(s, LLMFI_LIT("properties")) && !llmfi_member(s, LLMFI_LIT("additionalProperties")))
            llmfi_jw_member_bool(w, "additionalProperties", false);
        llmfi_jw_object_end(w);
    }
}

static void llmfi_anthropic_tool(const llmfi_ask *a, size_t i, llmfi_jw *w) {
    const llmf_tool *t = &a->req->tools[i];
    bool strict = t->strict && !(a->model->quirks & LLMFI_Q_NO_STRICT);
    llmfi_jw_object(w);
    llmfi_jw_member_str(w, "name", llmfi_cstr(t->name));
    if (t->description && *t->description) llmfi_jw_member_str(w, "description", llmfi_cstr(t->description));
    llmfi_jw_key(w, "input_schema");
    if (a->schemas && a->schemas[i] && strict) llmfi_anthropic_schema(w, a->schemas[i], false);
    else if (a->schemas && a->schemas[i]) llmfi_node_write(w, a->schemas[i]);
    else llmfi_jw_raw(w, LLMFI_LIT("{\"type\":\"object\"}"));
    if (strict) llmfi_jw_member_bool(w, "strict", true);
    /* a mark on `system` covers the tools too, for they come before it */
    llmfi_anthropic_cache(w, a->req->cache && i + 1 == a->req->tool_count && !a->req->system_len && !llmfi_anthropic_system_messages(a));
    llmfi_jw_object_end(w);
}

static void llmfi_anthropic_tool_choice(const llmf_request *q, llmfi_jw *w) {
    llmf_str choice = llmfi_cstr(q->tool_choice);
    bool serial = q->parallel_tool_calls == LLMF_NO && !LLMFI_IS(choice, "none");
    if (!q->tool_count || (!choice.len && !serial)) return;
    llmfi_jw_key(w, "tool_choice");
    llmfi_jw_object(w);
    if (!choice.len || LLMFI_IS(choice, "auto") || LLMFI_IS(choice, "none")) {
        llmfi_jw_member_str(w, "type", choice.len ? choice : LLMFI_LIT("auto"));
    } else if (LLMFI_IS(choice, "required")) {
        llmfi_jw_member_lit(w, "type", "any");
    } else {
        llmfi_jw_member_lit(w, "type", "tool");
        llmfi_jw_member_str(w, "name", choice);
    }
    if (serial) llmfi_jw_member_bool(w, "disable_parallel_tool_use", true);
    llmfi_jw_object_end(w);
}

static void llmfi_anthropic_think_members(const llmfi_ask *a, llmfi_jw *w) {
    llmfi_anthropic_think t = llmfi_anthropic_thinking(a);
    if (t.mode != LLMFI_THINK_UNSAID) {
        llmfi_jw_key(w, "thinking");
        llmfi_jw_object(w);
        llmfi_jw_member_str(w, "type", t.mode == LLMFI_THINK_OFF ? LLMFI_LIT("disabled") : t.mode == LLMFI_THINK_BUDGET ? LLMFI_LIT("enabled") : LLMFI_LIT("adaptive"));
        if (t.mode == LLMFI_THINK_BUDGET) llmfi_jw_member_int(w, "budget_tokens", t.budget);
        /* Models since Opus 4.7 think in silence unless this is said ("Thinking", thinking.display): nothing to read, and an idle stream. */
        if (t.mode == LLMFI_THINK_EFFORT) llmfi_jw_member_lit(w, "display", "summarized");
        llmfi_jw_object_end(w);
    }
    if ((t.mode != LLMFI_THINK_EFFORT && !a->format) || !llmfi_anthropic_own(a, "output_config")) return;
    llmfi_jw_key(w, "output_config");
    llmfi_jw_object(w);
    if (t.mode == LLMFI_THINK_EFFORT) llmfi_jw_member_str(w, "effort", llmfi_cstr(t.effort));
    if (a->format) {
        llmfi_jw_key(w, "format");
        llmfi_jw_object(w);
        llmfi_jw_member_lit(w, "type", "json_schema");
        llmfi_jw_key(w, "schema");
        llmfi_anthropic_schema(w, a->format, false);
        llmfi_jw_object_end(w);
    }
    llmfi_jw_object_end(w);
}

static void llmfi_anthropic_head(const llmfi_ask *a, llmfi_jw *w) {
    const llmf_request *q = a->req;
    size_t i;
    if (llmfi_anthropic_own(a, "model")) llmfi_jw_member_str(w, "model", a->model->model_id);
    if (llmfi_anthropic_own(a, "max_tokens")) llmfi_jw_member_int(w, "max_tokens", llmfi_anthropic_max_tokens(a));
    if (q->stream && llmfi_anthropic_own(a, "stream")) llmfi_jw_member_bool(w, "stream", true);
    if (q->temperature != 0 && llmfi_anthropic_own(a, "temperature")) llmfi_jw_member_double(w, "temperature", q->temperature < 0 ? 0 : q->temperature);
    if (q->top_p != 0 && llmfi_anthropic_own(a, "top_p")) llmfi_jw_member_double(w, "top_p", q->top_p < 0 ? 0 : q->top_p);
    if (q->stop_count && llmfi_anthropic_own(a, "stop_sequences")) {
        llmfi_jw_key(w, "stop_sequences");
        llmfi_jw_array(w);
        for (i = 0; i < q->stop_count; i++) llmfi_jw_str(w, llmfi_cstr(q->stop[i]));
        llmfi_jw_array_end(w);
    }
    if (q->user && *q->user && llmfi_anthropic_own(a, "metadata")) {
        llmfi_jw_key(w, "metadata");
        llmfi_jw_object(w);
        llmfi_jw_member_str(w, "user_id", llmfi_cstr(q->user));
        llmfi_jw_object_end(w);
    }
    llmfi_anthropic_think_members(a, w);
}

/* `system` is a plain text where that says it all, else an array of blocks, which is open between the first step and the one behind the system messages. */
static bool llmfi_anthropic_system_blocks(const llmfi_ask *a) {
    return llmfi_anthropic_own(a, "system") && (llmfi_anthropic_system_messages(a) || (a->req->cache && a->req->system_len));
}

static void llmfi_anthropic_begin(const llmfi_ask *a, llmfi_jw *w) {
    llmfi_jw_object(w);
    llmfi_anthropic_head(a, w);
    if (llmfi_anthropic_system_blocks(a)) {
        llmfi_jw_key(w, "system");
        llmfi_jw_array(w);
        llmfi_anthropic_system(a, 0, w);
    } else if (a->req->system_len && llmfi_anthropic_own(a, "system")) {
        llmfi_jw_member_str(w, "system", llmfi_str(a->req->system, a->req->system_len));
    }
}

/* Steps: the beginning; a system message each; `messages` opens; a message each; `tools` opens; a tool each; the end. */
static bool llmfi_anthropic_body(const llmfi_ask *a, unsigned step, llmfi_jw *w) {
    size_t n = a->req->message_count, tools = a->req->tool_count, at = step;
    bool messages = llmfi_anthropic_own(a, "messages"), tooled = tools && llmfi_anthropic_own(a, "tools");
    if (at == 0) {
        llmfi_anthropic_begin(a, w);
    } else if (at <= n) {
        if (llmfi_anthropic_system_count(&a->req->messages[at - 1]) && llmfi_anthropic_own(a, "system")) llmfi_anthropic_system(a, at, w);
    } else if (at == n + 1) {
        if (llmfi_anthropic_system_blocks(a)) llmfi_jw_array_end(w);
        if (messages) llmfi_jw_key(w, "messages");
        if (messages) llmfi_jw_array(w);
    } else if ((at -= n + 2) < n) {
        if (messages) llmfi_anthropic_message(a, at, w);
    } else if ((at -= n) == 0) {
        if (messages) llmfi_jw_array_end(w);
        if (tooled) llmfi_jw_key(w, "tools");
        if (tooled) llmfi_jw_array(w);
    } else if (at <= tools) {
        if (tooled) llmfi_anthropic_tool(a, at - 1, w);
    } else {
        if (tooled) llmfi_jw_array_end(w);
        if (llmfi_anthropic_own(a, "tool_choice")) llmfi_anthropic_tool_choice(a->req, w);
        llmfi_extra_write(a, w);
        llmfi_jw_object_end(w);
        return false;
    }
    return true;
}

/* ---- request: what cannot be asked ---- */

static void llmfi_anthropic_check_thinking(const llmfi_ask *a, llmfi_refusal *no) {
    llmfi_anthropic_think t = llmfi_anthropic_thinking(a);
    llmf_str choice = llmfi_cstr(a->req->tool_choice);
    if (t.mode == LLMFI_THINK_UNSAID || t.mode == LLMFI_THINK_OFF) return;
    if (choice.len && !LLMFI_IS(choice, "auto") && !LLMFI_IS(choice, "none"))
        llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "tool_choice", "a call cannot be demanded while the model thinks; leave it or reasoning out");
    if (a->model->quirks & LLMFI_Q_NO_REASONING) {
        llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "reasoning", "this model cannot think before it answers; leave it out, or take a newer model");
    } else if (!t.effort && (a->model->quirks & LLMFI_Q_ADAPTIVE_THINKING)) {
        llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "reasoning", "this model takes no token budget; give low, medium, high, xhigh or max");
    } else if (t.mode == LLMFI_THINK_BUDGET && t.budget < LLMFI_ANTHROPIC_LEAST) {
        llmfi_refuse(no, LLMF_ERR_ARGUMENT, "reasoning",
                     t.effort ? "needs max_tokens of at least 2048: 1024 for thinking and 1024 for the answer" : "the budget must be at least 1024 tokens");
    } else if (t.mode == LLMFI_THINK_BUDGET && t.budget >= llmfi_anthropic_max_tokens(a)) {
        llmfi_refuse(no, LLMF_ERR_ARGUMENT, "reasoning", "the budget is part of max_tokens, so max_tokens must be larger; raise it or lower the budget");
    }
}

static void llmfi_anthropic_check_sampling(const llmfi_ask *a, llmfi_refusal *no) {
    const char *field = llmfi_anthropic_sampling(a);
    if (field && ((a->model->quirks & LLMFI_Q_NO_SAMPLING) || llmfi_anthropic_refuses_sampling(llmfi_anthropic_version(a))))
        llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, field, "this model no longer takes it (Anthropic removed it in API version 2026-10-21); leave it out, or take an older model");
    if (a->req->temperature > 1) llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "temperature", "Anthropic takes 0 to 1");
    if (llmfi_anthropic_thinking(a).mode > LLMFI_THINK_OFF && a->req->temperature != 0 && a->req->temperature != 1)
        llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "temperature", "cannot be chosen while the model thinks; leave it or reasoning out");
}

static void llmfi_anthropic_check_part(const llmf_message *m, const llmf_part *p, llmfi_refusal *no) {
    if (p->type == LLMF_PART_TEXT) return;
    if (p->type == LLMF_PART_AUDIO) llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "messages.parts", "Anthropic takes no audio; send a transcript");
    else if (m->role != LLMF_USER && m->role != LLMF_TOOL)
        llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "messages.parts", "Anthropic takes images and files from users and tools only; move this one to a user message");
    else if (llmfi_anthropic_source_of(p).kind == LLMFI_FROM_NONE)
        llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "messages.parts", "Anthropic takes images, PDF and text; set media_type, convert the file, or give data instead of a data: URL");
}

static void llmfi_anthropic_check(const llmfi_ask *a, llmfi_refusal *no) {
    const llmf_request *q = a->req;
    size_t i, k;
    llmfi_anthropic_check_sampling(a, no);
    llmfi_anthropic_check_thinking(a, no);
    if (llmfi_extra(a, LLMFI_LIT("stream"))) llmfi_refuse(no, LLMF_ERR_ARGUMENT, "extra.stream", "set the request's own stream instead: it also says how the reply is read");
    if (q->use_seed) llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "seed", "Anthropic has none; leave it out");
    if (q->stop_count && (a->model->quirks & LLMFI_Q_NO_SAMPLING)) llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "stop", "this model refuses it; leave it out");
    if (a->format ? (a->model->quirks & LLMFI_Q_NO_SCHEMA) != 0 : LLMFI_IS(llmfi_cstr(q->format), "json"))
        llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "format",
                     a->format ? "this model takes no schema; ask for JSON in the prompt"
                               : "Anthropic has no JSON mode without a schema; give a JSON Schema, or ask for JSON in the prompt");
    for (i = 0; i < q->message_count && no->code == LLMF_OK; i++) {
        llmf_str blocks = llmfi_anthropic_blocks(a, &q->messages[i]);
        if (blocks.len && (blocks.ptr[0] != '[' || !llmfi_json_valid(blocks)))
            llmfi_refuse(no, LLMF_ERR_ARGUMENT, "messages.state", "is damaged: give it back whole, as the response had it, or leave it out");
        for (k = 0; k < q->messages[i].part_count; k++) llmfi_anthropic_check_part(&q->messages[i], &q->messages[i].parts[k], no);
    }
}

static void llmfi_anthropic_path(const llmfi_ask *a, llmfi_out *out) {
    llmf_str base = a->model->base_url;
    while (base.len && base.ptr[base.len - 1] == '/') base.len--;
    if (!llmfi_ends(base, LLMFI_LIT("/v1"))) LLMFI_PUT(out, "/v1");
    LLMFI_PUT(out, "/messages");
}

static void llmfi_anthropic_headers(const llmfi_ask *a, llmfi_header_fn header, void *user) {
    header(user, LLMFI_LIT("anthropic-version"), llmfi_anthropic_version(a));
}

static const llmfi_adapter llmfi_anthropic = {
    "anthropic",
    llmfi_anthropic_check,
    llmfi_anthropic_path,
    llmfi_anthropic_headers,
    llmfi_anthropic_body,
    LLMF_FRAMING_JSON,
    LLMF_FRAMING_SSE,
    llmfi_anthropic_frame,
    NULL
};

#endif
#endif
#if LLMF_HAS_DIALECT_OLLAMA
/* Ollama's own API ("API", POST /api/chat), local or at ollama.com. Its face of Chat Completions (/v1) is dialect openai; this one can set num_ctx, and thinks.

   Not sent, because a local server has no use for it: user, cache, parallel_tool_calls, a tool's strict, an image's detail. */
#ifndef LLMFI_PROVIDERS_OLLAMA_H
#define LLMFI_PROVIDERS_OLLAMA_H

/* ---- request ---- */

static bool llmfi_ollama_own(const llmfi_ask *a, const char *name) {
    return !llmfi_extra(a, llmfi_cstr(name));
}

/* An option that extra.options of the request or of the model sets; NULL: none does. */
static const llmfi_node *llmfi_ollama_option(const llmfi_ask *a, llmf_str name) {
    const llmfi_node *n = llmfi_member(llmfi_member(a->extra, LLMFI_LIT("options")), name);
    return n ? n : llmfi_member(llmfi_member(a->model->extra, LLMFI_LIT("options")), name);
}

/* The level for an effort word; NULL: `think` is a switch. Ollama knows low, medium, high, max; models without levels take each for true. */
static const char *llmfi_ollama_level(llmf_str word) {
    if (LLMFI_IS(word, "none")) return NULL;
    if (LLMFI_IS(word, "minimal") || LLMFI_IS(word, "low")) return "low";
    if (LLMFI_IS(word, "medium") || LLMFI_IS(word, "max")) return word.ptr;
    return "high";
}

/* Is this option ours to say? */
#define LLMFI_OLLAMA_SAYS(a, lit) (!llmfi_ollama_option((a), LLMFI_LIT(lit)))

static void llmfi_ollama_own_options(const llmfi_ask *a, llmfi_jw *w) {
    const llmf_request *q = a->req;
    size_t i;
    if (q->temperature != 0 && LLMFI_OLLAMA_SAYS(a, "temperature")) llmfi_jw_member_double(w, "temperature", q->temperature < 0 ? 0 : q->temperature);
    if (q->top_p != 0 && LLMFI_OLLAMA_SAYS(a, "top_p")) llmfi_jw_member_double(w, "top_p", q->top_p < 0 ? 0 : q->top_p);
    if (q->max_tokens > 0 && LLMFI_OLLAMA_SAYS(a, "num_predict")) llmfi_jw_member_int(w, "num_predict", q->max_tokens);
    if (a->model->num_ctx > 0 && LLMFI_OLLAMA_SAYS(a, "num_ctx")) llmfi_jw_member_int(w, "num_ctx", a->model->num_ctx);
    if (q->use_seed && LLMFI_OLLAMA_SAYS(a, "seed")) llmfi_jw_member_int(w, "seed", q->seed);
    if (!q->stop_count || !LLMFI_OLLAMA_SAYS(a, "stop")) return;
    llmfi_jw_key(w, "stop");
    llmfi_jw_array(w);
    for (i = 0; i < q->stop_count; i++) llmfi_jw_str(w, llmfi_cstr(q->stop[i]));
    llmfi_jw_array_end(w);
}

/* Unlike other extra members `options` is laid over ours member by member: one more option is no reason to lose the others. */
static void llmfi_ollama_options(const llmfi_ask *a, llmfi_jw *w) {
    const llmfi_node *from[2], *n;
    int i;
    from[0] = llmfi_member(a->model->extra, LLMFI_LIT("options"));
    from[1] = llmfi_member(a->extra, LLMFI_LIT("options"));
    llmfi_jw_key(w, "options");
    llmfi_jw_object(w);
    llmfi_ollama_own_options(a, w);
    for (i = 0; i < 2; i++)
        for (n = from[i] && from[i]->type == LLMFI_OBJECT ? from[i]->child : NULL; n; n = n->next) {
            if (i == 0 && llmfi_member(from[1], n->key)) continue;
            llmfi_jw_key_str(w, n->key);
            llmfi_node_write(w, n);
        }
    llmfi_jw_object_end(w);
}

static void llmfi_ollama_extra(const llmfi_ask *a, llmfi_jw *w) {
    const llmfi_node *from[2], *n;
    int i;
    from[0] = a->model->extra;
    from[1] = a->extra;
    for (i = 0; i < 2; i++)
        for (n = from[i] && from[i]->type == LLMFI_OBJECT ? from[i]->child : NULL; n; n = n->next) {
            if (LLMFI_IS(n->key, "options") || (i == 0 && llmfi_member(a->extra, n->key))) continue;
            llmfi_jw_key_str(w, n->key);
            llmfi_node_write(w, n);
        }
}

static bool llmfi_ollama_has_options(const llmfi_ask *a) {
    const llmf_request *q = a->req;
    return q->temperature != 0 || q->top_p != 0 || q->max_tokens > 0 || a->model->num_ctx > 0 || q->use_seed || q->stop_count || llmfi_extra(a, LLMFI_LIT("options"));
}

static void llmfi_ollama_begin(const llmfi_ask *a, llmfi_jw *w) {
    const llmf_request *q = a->req;
    llmf_str effort = llmfi_cstr(q->reasoning);
    llmfi_jw_object(w);
    if (llmfi_ollama_own(a, "model")) llmfi_jw_member_str(w, "model", a->model->model_id);
    llmfi_jw_member_bool(w, "stream", q->stream); /* left out it would mean true */
    if (effort.len && llmfi_ollama_own(a, "think")) {
        llmfi_jw_key(w, "think");
        if (llmfi_ollama_level(effort)) llmfi_jw_str(w, llmfi_cstr(llmfi_ollama_level(effort)));
        else llmfi_jw_bool(w, false);
    }
    if ((a->format || q->format) && llmfi_ollama_own(a, "format")) {
        llmfi_jw_key(w, "format");
        if (a->format && (a->model->quirks & LLMFI_Q_NO_SCHEMA)) llmfi_jw_lit(w, "json");
        else if (a->format) llmfi_node_write(w, a->format);
        else llmfi_jw_str(w, llmfi_cstr(q->format));
    }
    if (llmfi_ollama_has_options(a)) llmfi_ollama_options(a, w);
    if (!llmfi_ollama_own(a, "messages")) return;
    llmfi_jw_key(w, "messages");
    llmfi_jw_array(w);
    if (!q->system_len) return;
    llmfi_jw_object(w);
    llmfi_jw_member_lit(w, "role", "system");
    llmfi_jw_member_str(w, "content", llmfi_str(q->system, q->system_len));
    llmfi_jw_object_end(w);
}

/* ---- messages ---- */

/* Content is one text here: the pieces, a line each. */
static void llmfi_ollama_content(const llmf_message *m, llmfi_jw *w) {
    llmf_str piece = llmfi_text_at(m->content, m->content_len);
    bool any = piece.len != 0;
    size_t i;
    llmfi_jw_key(w, "content");
    llmfi_jw_str_begin(w);
    llmfi_jw_str_piece(w, piece);
    for (i = 0; i < m->part_count; i++) {
        if (m->parts[i].type != LLMF_PART_TEXT) continue;
        piece = llmfi_text_at(m->parts[i].text, m->parts[i].text_len);
        if (any && piece.len) llmfi_jw_str_piece(w, LLMFI_LIT("\n"));
        if (piece.len) any = true;
        llmfi_jw_str_piece(w, piece);
    }
    llmfi_jw_str_end(w);
}

static void llmfi_ollama_images(const llmf_message *m, llmfi_jw *w) {
    bool open = false;
    size_t i;
    for (i = 0; i < m->part_count; i++) {
        const llmf_part *p = &m->parts[i];
        llmf_str media, base64;
        if (p->type == LLMF_PART_TEXT) continue;
        if (!open) llmfi_jw_key(w, "images");
        if (!open) llmfi_jw_array(w);
        open = true;
        if (p->url && llmfi_data_url(llmfi_cstr(p->url), &media, &base64)) llmfi_jw_str(w, base64);
        else llmfi_jw_base64_string(w, llmfi_str("", 0), p->data, p->data_len);
    }
    if (open) llmfi_jw_array_end(w);
}

static void llmfi_ollama_calls(const llmf_message *m, llmfi_jw *w) {
    size_t i;
    llmfi_jw_key(w, "tool_calls");
    llmfi_jw_array(w);
    for (i = 0; i < m->tool_call_count; i++) {
        const llmf_tool_call *c = &m->tool_calls[i];
        llmfi_jw_object(w);
        llmfi_jw_key(w, "function");
        llmfi_jw_object(w);
        llmfi_jw_member_str(w, "name", c->name);
        llmfi_jw_key(w, "arguments");
        llmfi_jw_arguments(w, c);
        llmfi_jw_object_end(w);
        llmfi_jw_object_end(w);
    }
    llmfi_jw_array_end(w);
}

/* The function that a result is of: as the message says, else by the call of that id before it. */
static llmf_str llmfi_ollama_tool_name(const llmfi_ask *a, size_t at) {
    const llmf_message *m = &a->req->messages[at];
    size_t i;
    if (m->name.len) return m->name;
    while (at-- > 0)
        for (i = 0; i < a->req->messages[at].tool_call_count; i++)
            if (llmfi_eq(a->req->messages[at].tool_calls[i].id, m->tool_call_id)) return a->req->messages[at].tool_calls[i].name;
    return llmfi_str("", 0);
}

static void llmfi_ollama_message(const llmfi_ask *a, size_t at, llmfi_jw *w) {
    static const char *const roles[] = { "user", "assistant", "system", "tool" };
    const llmf_message *m = &a->req->messages[at];
    llmfi_jw_object(w);
    llmfi_jw_member_str(w, "role", llmfi_cstr(roles[m->role]));
    llmfi_ollama_content(m, w);
    if (m->role == LLMF_ASSISTANT && m->reasoning.len) llmfi_jw_member_str(w, "thinking", m->reasoning);
    llmfi_ollama_images(m, w);
    if (m->tool_call_count) llmfi_ollama_calls(m, w);
    if (m->role == LLMF_TOOL && llmfi_ollama_tool_name(a, at).len) llmfi_jw_member_str(w, "tool_name", llmfi_ollama_tool_name(a, at));
    llmfi_jw_object_end(w);
}

static void llmfi_ollama_tool(const llmfi_ask *a, size_t at, llmfi_jw *w) {
    const llmf_tool *t = &a->req->tools[at];
    llmfi_jw_object(w);
    llmfi_jw_member_lit(w, "type", "function");
    llmfi_jw_key(w, "function");
    llmfi_jw_object(w);
    llmfi_jw_member_str(w, "name", llmfi_cstr(t->name));
    if (t->description && *t->description) llmfi_jw_member_str(w, "description", llmfi_cstr(t->description));
    llmfi_jw_key(w, "parameters");
    if (a->schemas && a->schemas[at]) llmfi_node_write(w, a->schemas[at]);
    else llmfi_jw_raw(w, LLMFI_LIT("{\"type\":\"object\",\"properties\":{}}"));
    llmfi_jw_object_end(w);
    llmfi_jw_object_end(w);
}

/* Steps: the beginning; a message each; `tools` opens; a tool each; the end. tool_choice none is said by sending no tools. */
static bool llmfi_ollama_body(const llmfi_ask *a, unsigned step, llmfi_jw *w) {
    size_t n = a->req->message_count, tools = LLMFI_IS(llmfi_cstr(a->req->tool_choice), "none") ? 0 : a->req->tool_count, at = step;
    bool messages = llmfi_ollama_own(a, "messages"), tooled = tools && llmfi_ollama_own(a, "tools");
    if (at == 0) {
        llmfi_ollama_begin(a, w);
    } else if (at <= n) {
        if (messages) llmfi_ollama_message(a, at - 1, w);
    } else if ((at -= n + 1) == 0) {
        if (messages) llmfi_jw_array_end(w);
        if (tooled) llmfi_jw_key(w, "tools");
        if (tooled) llmfi_jw_array(w);
    } else if (at <= tools) {
        if (tooled) llmfi_ollama_tool(a, at - 1, w);
    } else {
        if (tooled) llmfi_jw_array_end(w);
        llmfi_ollama_extra(a, w);
        llmfi_jw_object_end(w);
        return false;
    }
    return true;
}

static void llmfi_ollama_check(const llmfi_ask *a, llmfi_refusal *no) {
    const llmf_request *q = a->req;
    llmf_str choice = llmfi_cstr(q->tool_choice), media, base64;
    int64_t tokens;
    size_t i, k;
    if (choice.len && !LLMFI_IS(choice, "auto") && !LLMFI_IS(choice, "none"))
        llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "tool_choice", "Ollama cannot be made to call a tool; leave it out, and say in the prompt what to call");
    if (q->reasoning && llmfi_reasoning_tokens(q->reasoning, &tokens))
        llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "reasoning", "Ollama takes no number of tokens; give none, low, medium, high or max");
    if (q->reasoning && *q->reasoning && strcmp(q->reasoning, "none") != 0 && (a->model->quirks & LLMFI_Q_NO_REASONING))
        llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "reasoning", "this model cannot be asked to reason; leave it out, or take another model");
    if ((a->format || q->format) && (a->model->quirks & LLMFI_Q_NO_JSON_MODE))
        llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "format", "this model knows neither JSON mode nor schemas; ask for JSON in the prompt");
    if (llmfi_extra(a, LLMFI_LIT("stream"))) llmfi_refuse(no, LLMF_ERR_ARGUMENT, "extra.stream", "set the request's own stream instead: it also says how the reply is read");
    for (i = 0; i < q->message_count; i++)
        for (k = 0; k < q->messages[i].part_count; k++) {
            const llmf_part *p = &q->messages[i].parts[k];
            if (p->type == LLMF_PART_TEXT) continue;
            if (p->type != LLMF_PART_IMAGE) llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "messages.parts", "Ollama takes text and images only; send a transcript or the file's text");
            else if (p->url && !llmfi_data_url(llmfi_cstr(p->url), &media, &base64))
                llmfi_refuse(no, LLMF_ERR_UNSUPPORTED, "messages.parts.url", "Ollama fetches no images; give data or path");
        }
}

static void llmfi_ollama_path(const llmfi_ask *a, llmfi_out *out) {
    (void)a;
    LLMFI_PUT(out, "/api/chat");
}

/* ---- reply ---- */

/* A call, which comes whole; the members of `function` may stand before or behind `id`. */
static void llmfi_ollama_call(llmfi_reply *r, llmfi_json *j) {
    llmf_str id = llmfi_str("", 0), name = id, args = id;
    while (llmfi_json_next(j) == LLMFI_J_KEY)
        if (LLMFI_KEY(j, "id")) {
            llmfi_json_take_raw(j, &id);
        } else if (LLMFI_KEY(j, "function")) {
            if (!llmfi_json_enter(j, LLMFI_J_OBJECT)) continue;
            while (llmfi_json_next(j) == LLMFI_J_KEY)
                if (LLMFI_KEY(j, "name")) llmfi_json_take_raw(j, &name);
                else if (LLMFI_KEY(j, "arguments")) llmfi_json_raw(j, &args);
                else llmfi_json_skip(j);
        } else {
            llmfi_json_skip(j);
        }
    if (!j->error) llmfi_reply_whole_call(r, id, name, args);
}

static void llmfi_ollama_reply_message(llmfi_reply *r, llmfi_json *j) {
    while (llmfi_json_next(j) == LLMFI_J_KEY) {
        if (LLMFI_KEY(j, "content")) {
            if (llmfi_json_scalar(j) == LLMFI_J_STRING) llmfi_reply_text_json(r, j);
        } else if (LLMFI_KEY(j, "thinking")) {
            if (llmfi_json_scalar(j) == LLMFI_J_STRING) llmfi_reply_reasoning_json(r, j);
        } else if (LLMFI_KEY(j, "tool_calls")) {
            if (!llmfi_json_enter(j, LLMFI_J_ARRAY)) continue;
            while (llmfi_json_next(j) > 0 && j->token != LLMFI_J_ARRAY_END)
                if (j->token == LLMFI_J_OBJECT) llmfi_ollama_call(r, j);
                else if (j->token == LLMFI_J_ARRAY) llmfi_json_skip(j);
        } else {
            llmfi_json_skip(j);
        }
    }
}

static void llmfi_ollama_count(llmfi_json *j, int64_t *to) {
    int64_t n;
    llmfi_json_scalar(j);
    n = llmfi_reply_number(j);
    if (n >= 0) *to = n;
}

/* A line of a stream, or the whole body, which looks the same. */
static void llmfi_ollama_frame(llmfi_reply *r, llmf_str event, llmf_str data) {
    bool message = false, failed = false, done = false;
    llmfi_json j;
    (void)event;
    if (r->error.code) return;
    llmfi_reply_mark(r);
    llmfi_json_init(&j, data, true);
    if (llmfi_json_enter(&j, LLMFI_J_OBJECT))
        while (llmfi_json_next(&j) == LLMFI_J_KEY) {
            if (LLMFI_KEY(&j, "message")) {
                if (!llmfi_json_enter(&j, LLMFI_J_OBJECT)) continue;
                message = true;
                llmfi_ollama_reply_message(r, &j);
            } else if (LLMFI_KEY(&j, "done")) {
                done = llmfi_json_scalar(&j) == LLMFI_J_TRUE;
            } else if (LLMFI_KEY(&j, "done_reason")) {
                if (llmfi_json_scalar(&j) == LLMFI_J_STRING) llmfi_reply_finish(r, llmfi_reply_string(r, &j));
            } else if (LLMFI_KEY(&j, "model")) {
                if (llmfi_json_scalar(&j) == LLMFI_J_STRING) llmfi_reply_model(r, llmfi_reply_string(r, &j));
            } else if (LLMFI_KEY(&j, "prompt_eval_count")) {
                llmfi_ollama_count(&j, &r->usage.input);
            } else if (LLMFI_KEY(&j, "eval_count")) {
                llmfi_ollama_count(&j, &r->usage.output);
            } else if (LLMFI_KEY(&j, "error")) {
                failed = llmfi_json_scalar(&j) != LLMFI_J_NULL;
            } else {
                llmfi_json_skip(&j);
            }
        }
    if (!llmfi_frame_end(r, &j, data)) return;
    if (failed) llmfi_fault_object(r, data, llmfi_str("", 0));
    else if (done || (message && !r->streamed)) r->terminal = true;
    else if (!r->streamed) llmfi_frame_foreign(r, "an answer of /api/chat");
}

static const llmfi_adapter llmfi_ollama = {
    "ollama",
    llmfi_ollama_check,
    llmfi_ollama_path,
    NULL,
    llmfi_ollama_body,
    LLMF_FRAMING_JSON,
    LLMF_FRAMING_NDJSON,
    llmfi_ollama_frame,
    NULL
};

#endif
#endif
#if LLMF_HAS_DIALECT_MOCK
/* A model that is none: it says what a script says, without a network, the same each time. For tests, demos, and programs that are still being written.

   The script is a list in `extra` of the model's config or of the request: {"script": [{"text": "Hi"}, {"finish": "length"}]}. Its items, each with one member:
     text, reasoning   a text; where the reply streams it comes a word at a time
     tool              {"id", "name", "arguments"}: arguments an object, or a text to be sent as it is, broken or not; without id one is made
     usage             {"input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens"}
     finish            the provider's word for why it stopped; "stop" where none is given
     error             {"code", "message", "status"}: the reply fails there
     cut               true: the reply ends there without its end
   A list of lists is a script for each turn, chosen by how many assistant messages the request has; the last one stays. Without a script the last user
   message is said back, and usage is counted in words.

   The request's body is the reply: one line of JSON an item, which the transport "echo" sends back. */
#ifndef LLMFI_PROVIDERS_MOCK_H
#define LLMFI_PROVIDERS_MOCK_H

enum { LLMFI_MOCK_TEXT, LLMFI_MOCK_REASONING, LLMFI_MOCK_TOOL, LLMFI_MOCK_USAGE, LLMFI_MOCK_FINISH, LLMFI_MOCK_ERROR, LLMFI_MOCK_CUT, LLMFI_MOCK_KINDS };

static const struct {
    const char *name;
    int type;                                /* of the value: LLMFI_STRING … */
} llmfi_mock_kinds[LLMFI_MOCK_KINDS] = { { "text", LLMFI_STRING },    { "reasoning", LLMFI_STRING }, { "tool", LLMFI_OBJECT }, { "usage", LLMFI_OBJECT },
                                         { "finish", LLMFI_STRING }, { "error", LLMFI_OBJECT },     { "cut", LLMFI_TRUE } };

/* ---- the script ---- */

/* What an item is; -1: nothing known. */
static int llmfi_mock_kind(const llmfi_node *item) {
    int k;
    if (item->type != LLMFI_OBJECT || item->count != 1) return -1;
    for (k = 0; k < LLMFI_MOCK_KINDS; k++)
        if (llmfi_eq(item->child->key, llmfi_cstr(llmfi_mock_kinds[k].name))) break;
    if (k == LLMFI_MOCK_KINDS || item->child->type != llmfi_mock_kinds[k].type) return -1;
    return k == LLMFI_MOCK_TOOL && !llmfi_member(item->child, LLMFI_LIT("name")) ? -1 : k;
}

/* The script of this turn; NULL: there is none. */
static const llmfi_node *llmfi_mock_script(const llmfi_ask *a) {
    const llmfi_node *script = llmfi_extra(a, LLMFI_LIT("script")), *turn = script && script->type == LLMFI_ARRAY ? script->child : NULL;
    size_t i;
    if (!turn || turn->type != LLMFI_ARRAY) return script;
    for (i = 0; i < a->req->message_count && turn->next; i++)
        if (a->req->messages[i].role == LLMF_ASSISTANT) turn = turn->next;
    return turn;
}

static void llmfi_mock_check(const llmfi_ask *a, llmfi_refusal *no) {
    const llmfi_node *script = llmfi_mock_script(a), *item;
    if (script && script->type != LLMFI_ARRAY) llmfi_refuse(no, LLMF_ERR_ARGUMENT, "extra.script", "must be a list of items, or a list of such lists");
    for (item = script && script->type == LLMFI_ARRAY ? script->child : NULL; item; item = item->next)
        if (llmfi_mock_kind(item) < 0) {
            llmfi_refuse(no, LLMF_ERR_ARGUMENT, "extra.script",
                         "an item is an object with one of text, reasoning, finish (texts), tool (with a name), usage, error (objects) and cut (true)");
            return;
        }
}

/* ---- the body ---- */

/* A word with the white space behind it. */
static llmf_str llmfi_mock_word(llmf_str s) {
    size_t n = 0;
    while (n < s.len && llmfi_is_space(s.ptr[n])) n++;
    while (n < s.len && !llmfi_is_space(s.ptr[n])) n++;
    while (n < s.len && llmfi_is_space(s.ptr[n])) n++;
    return llmfi_str(s.ptr, n);
}

static int64_t llmfi_mock_words(llmf_str s) {
    int64_t n = 0;
    for (s = llmfi_trim(s); s.len; s = llmfi_from(s, llmfi_mock_word(s).len)) n++;
    return n;
}

/* A line of its own: {"key": text}. */
static void llmfi_mock_line(llmfi_out *o, const char *key, llmf_str text) {
    llmfi_jw w;
    llmfi_jw_init(&w, o);
    llmfi_jw_object(&w);
    llmfi_jw_key_str(&w, llmfi_cstr(key));
    llmfi_jw_str(&w, text);
    llmfi_jw_object_end(&w);
    LLMFI_PUT(o, "\n");
}

static void llmfi_mock_text(const llmfi_ask *a, llmfi_out *o, const char *key, llmf_str text) {
    while (text.len) {
        llmf_str piece = a->req->stream ? llmfi_mock_word(text) : text;
        llmfi_mock_line(o, key, piece);
        text = llmfi_from(text, piece.len);
    }
}

static void llmfi_mock_item(const llmfi_ask *a, llmfi_out *o, const llmfi_node *item) {
    const llmfi_node *value = item->child;
    int kind = llmfi_mock_kind(item);
    llmfi_jw w;
    if (kind == LLMFI_MOCK_TEXT || kind == LLMFI_MOCK_REASONING) {
        llmfi_mock_text(a, o, llmfi_mock_kinds[kind].name, value->text);
    } else if (kind >= 0) {
        llmfi_jw_init(&w, o);
        llmfi_node_write(&w, item);
        LLMFI_PUT(o, "\n");
    }
}

/* Calls `each` for the texts of a message. */
static void llmfi_mock_texts(const llmf_message *m, void (*each)(void *user, llmf_str text), void *user) {
    size_t i;
    each(user, llmfi_text_at(m->content, m->content_len));
    for (i = 0; i < m->part_count; i++)
        if (m->parts[i].type == LLMF_PART_TEXT) each(user, llmfi_text_at(m->parts[i].text, m->parts[i].text_len));
}

typedef struct llmfi_mock_saying {
    const llmfi_ask *ask;
    llmfi_out *out;
    int64_t words;
} llmfi_mock_saying;

static void llmfi_mock_say(void *user, llmf_str text) {
    llmfi_mock_saying *s = (llmfi_mock_saying *)user;
    llmfi_mock_text(s->ask, s->out, "text", text);
    s->words += llmfi_mock_words(text);
}

static void llmfi_mock_count(void *user, llmf_str text) {
    *(int64_t *)user += llmfi_mock_words(text);
}

/* "You said: " and the last user message; then the words of all messages as input, those of the answer as output. */
static void llmfi_mock_echo(const llmfi_ask *a, llmfi_out *o) {
    llmfi_mock_saying s;
    int64_t input = llmfi_mock_words(llmfi_text_at(a->req->system, a->req->system_len));
    size_t i, last = a->req->message_count;
    llmfi_jw w;
    s.ask = a;
    s.out = o;
    s.words = 0;
    for (i = 0; i < a->req->message_count; i++) {
        llmfi_mock_texts(&a->req->messages[i], llmfi_mock_count, &input);
        if (a->req->messages[i].role == LLMF_USER) last = i;
    }
    llmfi_mock_say(&s, LLMFI_LIT("You said: "));
    if (last < a->req->message_count) llmfi_mock_texts(&a->req->messages[last], llmfi_mock_say, &s);
    llmfi_jw_init(&w, o);
    llmfi_jw_object(&w);
    llmfi_jw_key(&w, "usage");
    llmfi_jw_object(&w);
    llmfi_jw_member_int(&w, "input_tokens", input);
    llmfi_jw_member_int(&w, "output_tokens", s.words);
    llmfi_jw_object_end(&w);
    llmfi_jw_object_end(&w);
    LLMFI_PUT(o, "\n");
}

/* Steps: an item each; the last line, which is the one value of `w`. */
static bool llmfi_mock_body(const llmfi_ask *a, unsigned step, llmfi_jw *w) {
    const llmfi_node *script = llmfi_mock_script(a), *item = script ? script->child : NULL;
    unsigned i;
    for (i = 0; i < step && item; i++) item = item->next;
    if (item && llmfi_mock_kind(item) != LLMFI_MOCK_CUT) {
        llmfi_mock_item(a, w->out, item);
        return true;
    }
    if (!script && step == 0) {
        llmfi_mock_echo(a, w->out);
        return true;
    }
    llmfi_jw_object(w);
    if (item) {
        llmfi_jw_member_bool(w, "cut", true);
    } else {
        llmfi_jw_member_str(w, "model", a->model->model_id);
        llmfi_jw_member_bool(w, "done", true);
    }
    llmfi_jw_object_end(w);
    LLMFI_PUT(w->out, "\n");
    return false;
}

static void llmfi_mock_path(const llmfi_ask *a, llmfi_out *out) {
    (void)a;
    LLMFI_PUT(out, "/chat");
}

/* ---- the reply ---- */

static void llmfi_mock_call(llmfi_reply *r, llmfi_json *j) {
    llmf_str id = llmfi_str("", 0), name = id, args = id;
    while (llmfi_json_next(j) == LLMFI_J_KEY)
        if (LLMFI_KEY(j, "id")) llmfi_json_take_raw(j, &id);
        else if (LLMFI_KEY(j, "name")) llmfi_json_take_raw(j, &name);
        else if (LLMFI_KEY(j, "arguments")) llmfi_json_raw(j, &args);
        else llmfi_json_skip(j);
    if (!j->error) llmfi_reply_whole_call(r, id, name, args);
}

static void llmfi_mock_usage(llmfi_reply *r, llmfi_json *j) {
    llmf_usage *u = &r->usage;
    while (llmfi_json_next(j) == LLMFI_J_KEY) {
        int64_t *to = LLMFI_KEY(j, "input_tokens") ? &u->input : LLMFI_KEY(j, "output_tokens") ? &u->output : LLMFI_KEY(j, "reasoning_tokens") ? &u->reasoning
                      : LLMFI_KEY(j, "cache_read_tokens") ? &u->cache_read : LLMFI_KEY(j, "cache_write_tokens") ? &u->cache_write : NULL;
        llmfi_json_scalar(j);
        if (to) *to = llmfi_reply_number(j);
    }
}

static void llmfi_mock_frame(llmfi_reply *r, llmf_str event, llmf_str data) {
    bool failed = false, done = false;
    llmfi_json j;
    (void)event;
    if (r->error.code) return;
    llmfi_reply_mark(r);
    llmfi_json_init(&j, data, true);
    if (llmfi_json_enter(&j, LLMFI_J_OBJECT))
        while (llmfi_json_next(&j) == LLMFI_J_KEY) {
            if (LLMFI_KEY(&j, "text")) {
                if (llmfi_json_scalar(&j) == LLMFI_J_STRING) llmfi_reply_text_json(r, &j);
            } else if (LLMFI_KEY(&j, "reasoning")) {
                if (llmfi_json_scalar(&j) == LLMFI_J_STRING) llmfi_reply_reasoning_json(r, &j);
            } else if (LLMFI_KEY(&j, "tool")) {
                if (llmfi_json_enter(&j, LLMFI_J_OBJECT)) llmfi_mock_call(r, &j);
            } else if (LLMFI_KEY(&j, "usage")) {
                if (llmfi_json_enter(&j, LLMFI_J_OBJECT)) llmfi_mock_usage(r, &j);
            } else if (LLMFI_KEY(&j, "finish")) {
                if (llmfi_json_scalar(&j) == LLMFI_J_STRING) llmfi_reply_finish(r, llmfi_reply_string(r, &j));
            } else if (LLMFI_KEY(&j, "model")) {
                if (llmfi_json_scalar(&j) == LLMFI_J_STRING) llmfi_reply_model(r, llmfi_reply_string(r, &j));
            } else if (LLMFI_KEY(&j, "error")) {
                failed = llmfi_json_scalar(&j) != LLMFI_J_NULL;
            } else if (LLMFI_KEY(&j, "done")) {
                done = llmfi_json_scalar(&j) == LLMFI_J_TRUE;
            } else {
                llmfi_json_skip(&j);
            }
        }
    if (!llmfi_frame_end(r, &j, data)) return;
    if (failed) llmfi_fault_object(r, data, llmfi_str("", 0));
    if (!done) return;
    if (!r->finish_raw.len) llmfi_reply_finish(r, LLMFI_LIT("stop"));
    r->terminal = true;
}

static const llmfi_adapter llmfi_mock = {
    "mock",
    llmfi_mock_check,
    llmfi_mock_path,
    NULL,
    llmfi_mock_body,
    LLMF_FRAMING_NDJSON,
    LLMF_FRAMING_NDJSON,
    llmfi_mock_frame,
    NULL
};

#endif
#endif

static const llmfi_adapter *const llmfi_adapters[] = {
#if LLMF_HAS_DIALECT_OPENAI
    &llmfi_openai,
#endif
#if LLMF_HAS_DIALECT_ANTHROPIC
    &llmfi_anthropic,
#endif
#if LLMF_HAS_DIALECT_OLLAMA
    &llmfi_ollama,
#endif
#if LLMF_HAS_DIALECT_MOCK
    &llmfi_mock,
#endif
    NULL
};

/* The adapter of a dialect by its name, or NULL. */
LLMFI_UNUSED static const llmfi_adapter *llmfi_adapter_find(llmf_str name) {
    size_t i;
    for (i = 0; llmfi_adapters[i]; i++)
        if (llmfi_eq(llmfi_cstr(llmfi_adapters[i]->name), name)) return llmfi_adapters[i];
    return NULL;
}

#endif
/* All config sources read into one generation: models.def < the providers' variables < sources in their order < llmf_desc < the request.
   Whatever is wrong is told with its place, and reading goes on. */
#ifndef LLMFI_FACTORY_CONFIG_H
#define LLMFI_FACTORY_CONFIG_H
#if LLMF_HAS_YAML
/* Config files as people write them: a subset of YAML 1.2.2 with the core schema, read into the tree of node.h. A JSON text is
   YAML and gives the same tree. What the subset leaves out (anchors, aliases, tags, directives, several documents, complex and
   empty keys, tabs as indentation, duplicate keys, infinity) is refused with its place and the way to write it: never misread.
   One leniency, that of the common parsers: the closing ] or } of a value may stand in the column of its key.

   The reader goes down the grammar, at most LLMF_MAX_DEPTH deep. `need` is the specification's n + 1: the fewest spaces that a line
   of the current node must begin with; 0 at the top. Comments name productions of the specification in [brackets]. */
#ifndef LLMFI_BASE_YAML_H
#define LLMFI_BASE_YAML_H

/* How deep lists and mappings may be nested, in JSON and YAML. */
#ifndef LLMF_MAX_DEPTH
#define LLMF_MAX_DEPTH 128
#endif

#define LLMFI_YAML_MAX_TEXT 0x3fffffffu      /* bytes of a text: line, column and every sum of two lengths fit 32 bits */
#define LLMFI_YAML_MAX_KEY 1024              /* bytes of a block key, its quotes included [ns-s-implicit-yaml-key] */

typedef struct llmfi_yaml {
    llmfi_arena *arena;
    llmfi_parse_error *err;
    llmf_str text;                           /* behind the byte order mark */
    size_t mark;                             /* bytes of that mark */
    size_t at, bol;                          /* the next byte; the first one of its line */
    uint32_t line;
    int depth, brackets;                     /* of all collections; of those in brackets */
    size_t indent;                           /* after llmfi_yaml_skip: spaces that the line begins with, */
    bool fresh, tab;                         /* what is at `at` is the first thing of its line; a tab stands before it */
} llmfi_yaml;

/* A scalar before it is known whether it is a key (text as it is) or a value (plain: maybe a number). */
typedef struct llmfi_yaml_scalar {
    llmf_str text;
    size_t at;
    uint32_t line, column;
    bool plain;
} llmfi_yaml_scalar;

/* What a value follows. */
enum { LLMFI_YAML_DOCUMENT, LLMFI_YAML_ENTRY, LLMFI_YAML_KEY };

/* Texts said at more than one place. */
static const char llmfi_yaml_tabbed[] = "a tab in the indentation: use spaces";
static const char llmfi_yaml_stray[] = "this line's indentation fits no line above it: align it with the entries of its own list or mapping";
static const char llmfi_yaml_marker_inside[] = "--- or ... at the line's start inside a value: close the value first, or indent the line";
static const char llmfi_yaml_complex[] = "a list or mapping as a key: write a plain or quoted text as the key";
static const char llmfi_yaml_one_line[] = "a mapping cannot begin on this line: put it on a line of its own, indented, or quote the text";
static const char llmfi_yaml_goes_on_above[] = "no key can be in a line that goes on with the text above: align it with the keys above, or quote the text";
static const char llmfi_yaml_space_colon[] = "no space after the ':': put one there";

/* What the subset has no use for at the start of a value or key. */
static const struct {
    char first[4];
    bool flow_only;                          /* refused only inside [ ] and { } */
    const char *what;
} llmfi_yaml_refused[] = {
    {"&", false, "anchors (&name) are not supported: remove it, write the value out at each place; quote a text that begins with &"},
    {"*", false, "aliases (*name) are not supported: write the value out again; quote a text that begins with *"},
    {"!", false, "tags (!name) are not supported: remove it; quote the value where it is to be a text"},
    {"%@`", false, "a text cannot begin with %, @ or `: put it in quotes"},
    {"#", false, "a comment needs a space before its #; quote a text that begins with #"},
    {",]}", false, "a value or key is missing here, or a text begins with , ] or }: write it, or quote the text"},
    {"|>", true, "a | or > text cannot stand inside [ ] or { }: use a quoted text"},
};

static bool llmfi_yaml_value(llmfi_yaml *p, size_t need, int where, llmfi_node *node);
static bool llmfi_yaml_flow(llmfi_yaml *p, size_t need, llmfi_node *node);

/* ---- errors ---- */

static bool llmfi_yaml_fail(llmfi_yaml *p, size_t at, const char *what) {
    llmfi_parse_error *err = p->err;
    if (err->what) return false;
    err->what = what;
    err->offset = at + p->mark;
    llmfi_place(p->text, at, &err->line, &err->column);
    return false;
}

static bool llmfi_yaml_no_memory(llmfi_yaml *p) {
    p->err->memory = true;
    return llmfi_yaml_fail(p, p->at, "no memory left for this text: raise the memory given, or shorten the file");
}

static bool llmfi_yaml_enter(llmfi_yaml *p) {
    if (p->depth >= LLMF_MAX_DEPTH) return llmfi_yaml_fail(p, p->at, "nested deeper than LLMF_MAX_DEPTH: flatten it, or raise that option");
    p->depth++;
    return true;
}

/* ---- bytes and lines ---- */

/* NUL is refused before anything is read, so it can stand for the end. */
static char llmfi_yaml_peek(const llmfi_yaml *p, size_t at) {
    return at < p->text.len ? p->text.ptr[at] : '\0';
}

static bool llmfi_yaml_blank(char c) {
    return c == ' ' || c == '\t';
}

static bool llmfi_yaml_break(char c) {
    return c == '\n' || c == '\r' || c == '\0';
}

static bool llmfi_yaml_bracket(char c) {
    return c == ',' || c == '[' || c == ']' || c == '{' || c == '}';
}

/* True for what may follow an indicator, and cannot go on a plain text after one [not ns-plain-safe]. */
static bool llmfi_yaml_apart(char c, bool flow) {
    return llmfi_yaml_blank(c) || llmfi_yaml_break(c) || (flow && llmfi_yaml_bracket(c));
}

static size_t llmfi_yaml_past(const llmfi_yaml *p, size_t at, bool tabs) {
    while (llmfi_yaml_peek(p, at) == ' ' || (tabs && llmfi_yaml_peek(p, at) == '\t')) at++;
    return at;
}

/* From the end of a line to the first byte of the next; at the end of the text it stays. */
static void llmfi_yaml_newline(llmfi_yaml *p) {
    if (p->at >= p->text.len) return;
    if (llmfi_yaml_peek(p, p->at) == '\r' && llmfi_yaml_peek(p, p->at + 1) == '\n') p->at++;
    p->bol = ++p->at;
    p->line++;
}

static void llmfi_yaml_to_line_end(llmfi_yaml *p) {
    while (!llmfi_yaml_break(llmfi_yaml_peek(p, p->at))) p->at++;
}

/* --- or ... by itself [c-forbidden]: '-' or '.', else 0. */
static char llmfi_yaml_marker(const llmfi_yaml *p, size_t bol) {
    char c = llmfi_yaml_peek(p, bol);
    bool is = (c == '-' || c == '.') && llmfi_yaml_peek(p, bol + 1) == c && llmfi_yaml_peek(p, bol + 2) == c;
    return is && llmfi_yaml_apart(llmfi_yaml_peek(p, bol + 3), false) ? c : '\0';
}

static bool llmfi_yaml_at_end(const llmfi_yaml *p) {
    return p->at >= p->text.len || (p->at == p->bol && llmfi_yaml_marker(p, p->at));
}

/* To the next thing that is no blank, comment or end of a line. [s-separate, s-l-comments] */
static void llmfi_yaml_skip(llmfi_yaml *p) {
    p->tab = false;
    p->fresh = p->at == p->bol;
    for (;;) {
        if (p->at == p->bol) {
            p->tab = false;
            p->fresh = true;
            p->at = llmfi_yaml_past(p, p->at, false);
            p->indent = p->at - p->bol;
        }
        for (; llmfi_yaml_blank(llmfi_yaml_peek(p, p->at)); p->at++)
            if (llmfi_yaml_peek(p, p->at) == '\t') p->tab = true;
        if (llmfi_yaml_peek(p, p->at) == '#' && (p->at == p->bol || llmfi_yaml_blank(p->text.ptr[p->at - 1]))) llmfi_yaml_to_line_end(p);
        if (p->at >= p->text.len || !llmfi_yaml_break(p->text.ptr[p->at])) return;
        llmfi_yaml_newline(p);
    }
}

/* A value that began in line `from` is over: nothing but a comment may follow it. Goes on to the next thing. */
static bool llmfi_yaml_finish_line(llmfi_yaml *p, uint32_t from) {
    size_t end = p->at;
    char c;
    p->at = llmfi_yaml_past(p, p->at, true);
    c = llmfi_yaml_peek(p, p->at);
    if (c == '#' && p->at == end) return llmfi_yaml_fail(p, p->at, "no space before the comment's #: put one there");
    if (c == ':' && llmfi_yaml_apart(llmfi_yaml_peek(p, p->at + 1), false))
        return llmfi_yaml_fail(p, p->at, from == p->line ? llmfi_yaml_one_line : llmfi_yaml_goes_on_above);
    if (c == ':') return llmfi_yaml_fail(p, p->at + 1, llmfi_yaml_space_colon);
    if (c != '#' && !llmfi_yaml_break(c))
        return llmfi_yaml_fail(p, p->at, "more text behind a value that is over: remove it, or put all of it in quotes");
    llmfi_yaml_skip(p);
    return true;
}

/* UTF-8 without control characters. [c-printable] */
static bool llmfi_yaml_check_bytes(llmfi_yaml *p) {
    const char *begin = p->text.ptr, *at = begin, *end = begin + p->text.len;
    while (at < end) {
        uint32_t rune;
        int n = llmfi_utf8_next(at, end, &rune);
        const char *what = NULL;
        if (n <= 0) what = "not UTF-8: save the file as UTF-8";
        else if ((rune < 0x20 && rune != '\t' && rune != '\n' && rune != '\r') || (rune >= 0x7f && rune < 0xa0 && rune != 0x85))
            what = "a control character: remove it, or write it as an escape (\\x07) in double quotes";
        else if (rune == 0xfeff)
            what = "a byte order mark inside the text: remove it, or write \\uFEFF in double quotes";
        if (what) return llmfi_yaml_fail(p, (size_t)(at - begin), what);
        at += n;
    }
    return true;
}

/* ---- nodes ---- */

static void llmfi_yaml_locate(const llmfi_yaml *p, llmfi_node *node) {
    node->line = p->line;
    node->column = (uint32_t)(p->at - p->bol) + 1;
}

/* A null, here; NULL when memory is refused. */
static llmfi_node *llmfi_yaml_node(llmfi_yaml *p) {
    llmfi_node *node = (llmfi_node *)llmfi_arena_alloc(p->arena, sizeof *node);
    if (node) llmfi_yaml_locate(p, node);
    else llmfi_yaml_no_memory(p);
    return node;
}

static void llmfi_yaml_set_key(llmfi_node *node, const llmfi_yaml_scalar *s) {
    node->key = s->text;
    node->key_line = s->line;
    node->key_column = s->column;
}

static int llmfi_yaml_by_key(const llmfi_node *a, const llmfi_node *b) {
    if (a->key.len != b->key.len) return a->key.len < b->key.len ? -1 : 1;
    return a->key.len ? memcmp(a->key.ptr, b->key.ptr, a->key.len) : 0;
}

static int llmfi_yaml_by_place(const llmfi_node *a, const llmfi_node *b) {
    if (a->key_line != b->key_line) return a->key_line < b->key_line ? -1 : 1;
    return a->key_column < b->key_column ? -1 : a->key_column > b->key_column;
}

static llmfi_node *llmfi_yaml_merge(llmfi_node *a, llmfi_node *b, int (*compare)(const llmfi_node *, const llmfi_node *)) {
    llmfi_node *head = NULL, **tail = &head;
    while (a && b) {
        llmfi_node **first = compare(a, b) <= 0 ? &a : &b;
        *tail = *first;
        *first = (*first)->next;
        tail = &(*tail)->next;
    }
    *tail = a ? a : b;
    return head;
}

/* Merge sort in place: bins[i] holds a sorted run of 2^i. */
static llmfi_node *llmfi_yaml_sort(llmfi_node *list, int (*compare)(const llmfi_node *, const llmfi_node *)) {
    llmfi_node *bins[32], *run, *sorted = NULL;
    size_t i;
    memset(bins, 0, sizeof bins);
    while ((run = list) != NULL) {
        list = list->next;
        run->next = NULL;
        for (i = 0; i + 1 < LLMFI_COUNT(bins) && bins[i]; i++) {
            run = llmfi_yaml_merge(bins[i], run, compare);
            bins[i] = NULL;
        }
        bins[i] = run;
    }
    for (i = 0; i < LLMFI_COUNT(bins); i++) sorted = llmfi_yaml_merge(bins[i], sorted, compare);
    return sorted;
}

static size_t llmfi_yaml_offset(const llmfi_yaml *p, uint32_t line, uint32_t column) {
    llmfi_yaml scan = *p;
    scan.at = scan.bol = 0;
    for (scan.line = 1; scan.line < line; llmfi_yaml_newline(&scan)) llmfi_yaml_to_line_end(&scan);
    return scan.bol + column - 1;
}

/* Sorts by key, compares neighbours, sorts back by place: no memory, and no input makes it slow. */
static bool llmfi_yaml_unique(llmfi_yaml *p, llmfi_node *map) {
    llmfi_node *n, *twice = NULL;
    if (map->count < 2) return true;
    map->child = llmfi_yaml_sort(map->child, llmfi_yaml_by_key);
    for (n = map->child; n->next; n = n->next)
        if (llmfi_yaml_by_key(n, n->next) == 0 && (!twice || llmfi_yaml_by_place(n->next, twice) < 0)) twice = n->next;
    map->child = llmfi_yaml_sort(map->child, llmfi_yaml_by_place);
    if (!twice) return true;
    return llmfi_yaml_fail(p, llmfi_yaml_offset(p, twice->key_line, twice->key_column),
                           "this key stands here a second time: keep one of the two");
}

/* ---- quoted and plain text ---- */

typedef struct llmfi_yaml_out {
    char *ptr;
    size_t len, keep;                        /* keep: blanks before this were escaped or end a line: they stay */
} llmfi_yaml_out;

static bool llmfi_yaml_hex(llmf_str raw, size_t at, size_t digits, uint32_t *value) {
    size_t i;
    *value = 0;
    if (digits > raw.len - at) return false;
    for (i = at; i < at + digits; i++) {
        char c = llmfi_lower(raw.ptr[i]);
        if (!llmfi_is_digit(c) && (c < 'a' || c > 'f')) return false;
        *value = *value << 4 | (uint32_t)(llmfi_is_digit(c) ? c - '0' : c - 'a' + 10);
    }
    return true;
}

/* \x41 \u0041 \U00000041, and as in JSON a pair of surrogates; *at: behind it. NULL, or what is wrong. */
static const char *llmfi_yaml_rune(llmf_str raw, size_t *at, uint32_t *rune) {
    char kind = raw.ptr[*at - 1];
    size_t digits = kind == 'x' ? 2 : kind == 'u' ? 4 : 8;
    uint32_t low;
    if (!llmfi_yaml_hex(raw, *at, digits, rune)) return "too few hexadecimal digits: \\x takes 2, \\u 4, \\U 8";
    *at += digits;
    if (kind == 'u' && *rune >= 0xd800 && *rune < 0xdc00 && raw.len - *at >= 6 && raw.ptr[*at] == '\\' && raw.ptr[*at + 1] == 'u'
        && llmfi_yaml_hex(raw, *at + 2, 4, &low) && low >= 0xdc00 && low < 0xe000) {
        *rune = 0x10000 + ((*rune - 0xd800) << 10) + (low - 0xdc00);
        *at += 6;
    }
    if (*rune <= 0x10ffff && (*rune < 0xd800 || *rune > 0xdfff)) return NULL;
    return "this escape is no character: surrogates come in pairs, U+10FFFF is the last";
}

/* The escape behind the backslash at raw[at]: writes it. The offset behind it, or 0 after an error. [c-ns-esc-char] */
static size_t llmfi_yaml_escape(llmfi_yaml *p, llmf_str raw, size_t at, llmfi_yaml_out *out) {
    static const char names[] = "0abt\tnvfre \"/\\N_LP";
    static const uint16_t runes[] = {0, 7, 8, 9, 9, 10, 11, 12, 13, 27, 32, 34, 47, 92, 0x85, 0xa0, 0x2028, 0x2029};
    size_t from = (size_t)(raw.ptr - p->text.ptr) + at, name;
    const char *wrong = NULL;
    uint32_t rune;
    char c = raw.ptr[++at];
    at++;
    name = llmfi_find_char(llmfi_str(names, sizeof names - 1), c);
    if (name != LLMFI_NOWHERE) rune = runes[name];
    else if (c == 'x' || c == 'u' || c == 'U') wrong = llmfi_yaml_rune(raw, &at, &rune);
    else wrong = "no such escape: write \\\\ for a backslash, or use single quotes";
    if (wrong) {
        llmfi_yaml_fail(p, from, wrong);
        return 0;
    }
    out->len += llmfi_utf8_encode(out->ptr + out->len, rune);
    out->keep = out->len;
    return at;
}

/* Line ends at raw[at] and the blanks around them: one is a space, more are one newline less. [s-flow-folded, s-double-escaped] */
static size_t llmfi_yaml_fold(llmf_str raw, size_t at, bool escaped, llmfi_yaml_out *out) {
    size_t breaks = 0;
    for (; at < raw.len && llmfi_is_space(raw.ptr[at]); at++)
        if (raw.ptr[at] == '\n' || (raw.ptr[at] == '\r' && !(at + 1 < raw.len && raw.ptr[at + 1] == '\n'))) breaks++;
    while (!escaped && out->len > out->keep && llmfi_yaml_blank(out->ptr[out->len - 1])) out->len--;
    if (!escaped && breaks == 1) out->ptr[out->len++] = ' ';
    for (; breaks > 1; breaks--) out->ptr[out->len++] = '\n';
    out->keep = out->len;
    return at;
}

/* What stands between the quotes (quote 0: a plain text), decoded into the arena. */
static bool llmfi_yaml_decode(llmfi_yaml *p, llmf_str raw, char quote, llmf_str *text) {
    bool escapes = quote == '"' && llmfi_find_char(raw, '\\') != LLMFI_NOWHERE;
    llmfi_yaml_out out;
    size_t at = 0;
    memset(&out, 0, sizeof out);
    out.ptr = (char *)llmfi_arena_alloc(p->arena, raw.len + (escapes ? raw.len / 2 : 0) + 1); /* \L: 2 bytes become 3 */
    if (!out.ptr) return llmfi_yaml_no_memory(p);
    while (at < raw.len) {
        char c = raw.ptr[at];
        if (c == '\n' || c == '\r') {
            at = llmfi_yaml_fold(raw, at, false, &out);
        } else if (c == '\\' && escapes) {
            bool folds = raw.ptr[at + 1] == '\n' || raw.ptr[at + 1] == '\r';
            at = folds ? llmfi_yaml_fold(raw, at + 1, true, &out) : llmfi_yaml_escape(p, raw, at, &out);
            if (!at) return false;
        } else {
            out.ptr[out.len++] = c;
            at += c == '\'' && quote == c ? 2 : 1;
        }
    }
    out.ptr[out.len] = '\0'; /* blanks that were trimmed may stand there */
    *text = llmfi_str(out.ptr, out.len);
    return true;
}

/* At the beginning of a line inside a quoted text: is it indented enough? */
static bool llmfi_yaml_goes_on(llmfi_yaml *p, size_t need) {
    size_t spaces = llmfi_yaml_past(p, p->at, false), blanks = llmfi_yaml_past(p, p->at, true);
    if (llmfi_yaml_marker(p, p->bol)) return llmfi_yaml_fail(p, p->bol, llmfi_yaml_marker_inside);
    if (spaces - p->bol >= need || llmfi_yaml_break(llmfi_yaml_peek(p, spaces))) return true;
    if (blanks > spaces) return llmfi_yaml_fail(p, spaces, llmfi_yaml_tabbed);
    return llmfi_yaml_fail(p, spaces, "a quoted text goes on here: indent this line more than its key, or close the quote above");
}

/* From one quote to behind the other. */
static bool llmfi_yaml_scan_quoted(llmfi_yaml *p, size_t need, llmf_str *raw) {
    size_t open = p->at;
    char quote = p->text.ptr[p->at++], c;
    for (;;) {
        c = llmfi_yaml_peek(p, p->at);
        if (!c) return llmfi_yaml_fail(p, open, "this quote is never closed: put the same quote behind the text");
        if (c == quote && !(c == '\'' && llmfi_yaml_peek(p, p->at + 1) == c)) break;
        if (llmfi_yaml_break(c)) {
            llmfi_yaml_newline(p);
            if (!llmfi_yaml_goes_on(p, need)) return false;
        } else {
            bool pair = c == '\'' ? quote == c : c == '\\' && quote == '"' && !llmfi_yaml_break(llmfi_yaml_peek(p, p->at + 1));
            p->at += pair ? 2 : 1;
        }
    }
    *raw = llmfi_range(p->text.ptr + open + 1, p->text.ptr + p->at++);
    return true;
}

/* Where the plain text at `from` ends in its line: at the break, a ": ", a " #"; in flow also at a bracket or comma. */
static size_t llmfi_yaml_plain_stop(const llmfi_yaml *p, size_t from, bool flow) {
    size_t i;
    for (i = from;; i++) {
        char c = llmfi_yaml_peek(p, i);
        if (llmfi_yaml_break(c) || (flow && llmfi_yaml_bracket(c))) return i;
        if (c == ':' && llmfi_yaml_apart(llmfi_yaml_peek(p, i + 1), flow)) return i;
        if (c == '#' && i > from && llmfi_yaml_blank(llmfi_yaml_peek(p, i - 1))) return i;
    }
}

/* From the end of a line of a plain text to its next line, over empty ones; false, and nothing moved, where there is none. */
static bool llmfi_yaml_plain_goes_on(llmfi_yaml *p, size_t need, bool flow) {
    llmfi_yaml ahead = *p;
    char c;
    while (ahead.at < p->text.len && llmfi_yaml_break(llmfi_yaml_peek(p, ahead.at))) {
        llmfi_yaml_newline(&ahead);
        ahead.at = llmfi_yaml_past(p, ahead.bol, false);
        if (ahead.at - ahead.bol >= need) ahead.at = llmfi_yaml_past(p, ahead.at, true);
    }
    c = llmfi_yaml_peek(p, ahead.at);
    if (!c || c == '#' || ahead.at - ahead.bol < need || llmfi_yaml_marker(p, ahead.bol)) return false;
    if (llmfi_yaml_plain_stop(p, ahead.at, flow) == ahead.at) return false;
    *p = ahead;
    return true;
}

static llmf_str llmfi_yaml_scan_plain(llmfi_yaml *p, size_t need, bool flow) {
    size_t from = p->at, end;
    do {
        p->at = end = llmfi_yaml_plain_stop(p, p->at, flow);
        while (llmfi_yaml_blank(p->text.ptr[end - 1])) end--;
    } while (llmfi_yaml_break(llmfi_yaml_peek(p, p->at)) && llmfi_yaml_plain_goes_on(p, need, flow));
    p->at = end;
    return llmfi_str(p->text.ptr + from, end - from);
}

/* The reason why no value or key of the subset can begin here, or NULL. */
static const char *llmfi_yaml_refusal(const llmfi_yaml *p, bool flow) {
    char c = llmfi_yaml_peek(p, p->at);
    size_t i;
    for (i = 0; i < LLMFI_COUNT(llmfi_yaml_refused); i++)
        if (c && strchr(llmfi_yaml_refused[i].first, c) && (flow || !llmfi_yaml_refused[i].flow_only)) return llmfi_yaml_refused[i].what;
    if (!llmfi_yaml_apart(llmfi_yaml_peek(p, p->at + 1), flow)) return NULL;
    if (c == '?') return "complex keys (? key) are not supported: write key: value";
    if (c == ':') return "the key before this ':' is missing: write it (\"\" for an empty one), or quote the text";
    if (c == '-' && flow) return "a list entry (- x) inside [ ] or { }: write [x, y]; quote a text that is a dash";
    if (c == '-') return "a list entry (- x) is not possible here: begin the list on a line of its own, all its dashes in one column";
    return NULL;
}

static bool llmfi_yaml_scan_scalar(llmfi_yaml *p, size_t need, bool flow, llmfi_yaml_scalar *s) {
    char c = llmfi_yaml_peek(p, p->at), quote = c == '"' || c == '\'' ? c : '\0';
    llmf_str raw;
    s->at = p->at;
    s->line = p->line;
    s->column = (uint32_t)(p->at - p->bol) + 1;
    s->plain = !quote;
    if (!quote) raw = llmfi_yaml_scan_plain(p, need, flow);
    else if (!llmfi_yaml_scan_quoted(p, need, &raw)) return false;
    return llmfi_yaml_decode(p, raw, quote, &s->text);
}

/* ---- plain text -> null, bool, number [core schema, 10.3.2] ---- */

typedef struct llmfi_yaml_number {
    char sign;                               /* '-', '+' or 0 */
    llmf_str whole, fraction, exponent;      /* digits; exponent: from its 'e' on */
    bool point;
} llmfi_yaml_number;

static llmf_str llmfi_yaml_digits(llmf_str s, size_t *at) {
    size_t from = *at;
    while (*at < s.len && llmfi_is_digit(s.ptr[*at])) ++*at;
    return llmfi_str(s.ptr + from, *at - from);
}

/* [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )? */
static bool llmfi_yaml_read_number(llmf_str s, llmfi_yaml_number *n) {
    size_t at = 0, exponent;
    memset(n, 0, sizeof *n);
    if (s.len && (s.ptr[0] == '-' || s.ptr[0] == '+')) n->sign = s.ptr[at++];
    n->whole = llmfi_yaml_digits(s, &at);
    if (at < s.len && s.ptr[at] == '.') {
        n->point = true;
        at++;
        n->fraction = llmfi_yaml_digits(s, &at);
    }
    if (n->whole.len + n->fraction.len == 0) return false;
    exponent = at;
    if (at < s.len && (s.ptr[at] == 'e' || s.ptr[at] == 'E')) {
        at++;
        if (at < s.len && (s.ptr[at] == '-' || s.ptr[at] == '+')) at++;
        if (llmfi_yaml_digits(s, &at).len == 0) return false;
    }
    n->exponent = llmfi_str(s.ptr + exponent, at - exponent);
    return at == s.len;
}

static size_t llmfi_yaml_append(char *to, size_t len, llmf_str s) {
    if (s.len) memcpy(to + len, s.ptr, s.len);
    return len + s.len;
}

/* The text as JSON writes the number: no '+', no leading zeros, a digit on both sides of the point. */
static bool llmfi_yaml_decimal(llmfi_yaml *p, llmf_str text, const llmfi_yaml_number *n, llmfi_node *node) {
    llmf_str whole = n->whole;
    bool json = n->sign != '+' && (whole.len == 1 || (whole.len && whole.ptr[0] != '0')) && (!n->point || n->fraction.len);
    char *to;
    size_t len = 0;
    node->type = LLMFI_NUMBER;
    if (json) return true; /* node->text is the text already */
    to = (char *)llmfi_arena_alloc(p->arena, text.len + 3);
    if (!to) return llmfi_yaml_no_memory(p);
    while (whole.len > 1 && whole.ptr[0] == '0') whole = llmfi_from(whole, 1);
    if (n->sign == '-') to[len++] = '-';
    len = llmfi_yaml_append(to, len, whole.len ? whole : LLMFI_LIT("0"));
    if (n->point) {
        to[len++] = '.';
        len = llmfi_yaml_append(to, len, n->fraction.len ? n->fraction : LLMFI_LIT("0"));
    }
    len = llmfi_yaml_append(to, len, n->exponent);
    node->text = llmfi_str(to, len);
    return true;
}

/* 0x1F and 0o17; what is none of them stays a text. */
static bool llmfi_yaml_based(llmfi_yaml *p, const llmfi_yaml_scalar *s, llmfi_node *node) {
    unsigned shift = s->text.len > 2 && s->text.ptr[1] == 'x' ? 4 : 3;
    uint64_t value = 0;
    bool large = false;
    char digits[LLMFI_INT_TEXT];
    size_t i;
    if (s->text.len < 3 || s->text.ptr[0] != '0' || (shift == 3 && s->text.ptr[1] != 'o')) return true;
    for (i = 2; i < s->text.len; i++) {
        uint32_t digit;
        if (!llmfi_yaml_hex(s->text, i, 1, &digit) || digit >> shift) return true;
        if (value >> (64 - shift)) large = true;
        value = value << shift | digit;
    }
    if (large) return llmfi_yaml_fail(p, s->at, "this number takes more than 64 bits: write it in decimal, or quote it for a text");
    node->type = LLMFI_NUMBER;
    node->text = llmfi_arena_copy(p->arena, llmfi_str(digits, llmfi_print_uint(digits, value)));
    return node->text.len ? true : llmfi_yaml_no_memory(p);
}

static const struct {
    char word[8];
    int type;                                /* -1: infinity or NaN, which the tree has no number for */
} llmfi_yaml_words[] = {
    {"~", LLMFI_NULL}, {"null", LLMFI_NULL}, {"Null", LLMFI_NULL}, {"NULL", LLMFI_NULL},
    {"true", LLMFI_TRUE}, {"True", LLMFI_TRUE}, {"TRUE", LLMFI_TRUE},
    {"false", LLMFI_FALSE}, {"False", LLMFI_FALSE}, {"FALSE", LLMFI_FALSE},
    {".inf", -1}, {".Inf", -1}, {".INF", -1}, {"-.inf", -1}, {"-.Inf", -1}, {"-.INF", -1}, {"+.inf", -1}, {"+.Inf", -1}, {"+.INF", -1},
    {".nan", -1}, {".NaN", -1}, {".NAN", -1},
};

/* The scalar as a value. */
static bool llmfi_yaml_resolve(llmfi_yaml *p, const llmfi_yaml_scalar *s, llmfi_node *node) {
    llmfi_yaml_number number;
    size_t i;
    node->line = s->line;
    node->column = s->column;
    node->type = LLMFI_STRING;
    node->text = s->text;
    if (!s->plain) return true;
    for (i = 0; i < LLMFI_COUNT(llmfi_yaml_words); i++) {
        if (!llmfi_eq(s->text, llmfi_cstr(llmfi_yaml_words[i].word))) continue;
        if (llmfi_yaml_words[i].type < 0)
            return llmfi_yaml_fail(p, s->at, "infinity and NaN are not supported: write a number, or quote it for a text");
        node->type = llmfi_yaml_words[i].type;
        node->text = llmfi_str(NULL, 0);
        return true;
    }
    return llmfi_yaml_read_number(s->text, &number) ? llmfi_yaml_decimal(p, s->text, &number, node) : llmfi_yaml_based(p, s, node);
}

/* ---- | and > [c-l+literal, c-l+folded] ---- */

typedef struct llmfi_yaml_block {
    bool folded;
    char chomp;                              /* '-', '+' or 0: one newline at the end */
    size_t digit;                            /* of the indentation indicator; 0: none */
    size_t indent;                           /* spaces before its text */
    size_t begin, end;                       /* its lines */
} llmfi_yaml_block;

static bool llmfi_yaml_block_header(llmfi_yaml *p, llmfi_yaml_block *b) {
    size_t end;
    char c;
    memset(b, 0, sizeof *b);
    b->folded = p->text.ptr[p->at++] == '>';
    for (; (c = llmfi_yaml_peek(p, p->at)) != '\0'; p->at++) {
        if ((c == '-' || c == '+') && !b->chomp) b->chomp = c;
        else if (c >= '1' && c <= '9' && !b->digit) b->digit = (size_t)(c - '0');
        else break;
    }
    end = p->at;
    p->at = llmfi_yaml_past(p, end, true);
    c = llmfi_yaml_peek(p, p->at);
    if (c == '#' && p->at == end) return llmfi_yaml_fail(p, p->at, "no space before the comment's #: put one there");
    if (c != '#' && !llmfi_yaml_break(c))
        return llmfi_yaml_fail(p, p->at, "only 1 to 9, - or + may follow | or >: begin the text on the next line, or quote it");
    llmfi_yaml_to_line_end(p);
    llmfi_yaml_newline(p);
    b->begin = p->at;
    return true;
}

/* Finds the lines of the text and, unless an indicator gives it, their indentation; stops at the line behind them. */
static bool llmfi_yaml_block_lines(llmfi_yaml *p, size_t need, llmfi_yaml_block *b) {
    bool known = b->digit != 0;
    size_t widest = 0, first;                /* widest: spaces of the empty lines so far */
    b->indent = known ? need + b->digit - 1 : need;
    for (; p->at < p->text.len && !llmfi_yaml_marker(p, p->bol); llmfi_yaml_newline(p)) {
        size_t spaces = llmfi_yaml_past(p, p->at, false) - p->bol;
        first = p->bol + spaces;
        if (need == 0 && b->digit) return llmfi_yaml_fail(p, b->begin, "readers differ on the digit after | or > at the top: remove it");
        if (!llmfi_yaml_break(llmfi_yaml_peek(p, first))) {
            if (spaces < b->indent) break;
            if (!known && widest > spaces)
                return llmfi_yaml_fail(p, first, "an empty line above has more spaces than this first line of the text: remove them");
            if (!known) b->indent = spaces;
            known = true;
        } else if (spaces > widest) {
            widest = spaces;
        }
        p->at = first;
        llmfi_yaml_to_line_end(p);
    }
    if (!known) b->indent = widest;
    b->end = p->at;
    first = llmfi_yaml_past(p, p->at, false);
    return llmfi_yaml_peek(p, first) == '\t' ? llmfi_yaml_fail(p, first, llmfi_yaml_tabbed) : true;
}

/* Writes the lines; no more bytes than they have, but for one newline where the last line has none. */
static size_t llmfi_yaml_block_text(const llmfi_yaml *p, const llmfi_yaml_block *b, char *to) {
    const char *text = p->text.ptr;
    size_t at = b->begin, len = 0, breaks = 0; /* breaks: line ends not yet written */
    bool begun = false, wide = false;          /* wide: the last line with text began with a blank: nothing is folded beside it */
    while (at < b->end) {
        size_t from = at, stop;
        while (from < b->end && from - at < b->indent && text[from] == ' ') from++;
        for (stop = from; stop < b->end && !llmfi_yaml_break(text[stop]);) stop++;
        if (stop > from) {
            bool folds = b->folded && begun && !wide && !llmfi_yaml_blank(text[from]);
            if (folds && breaks == 1) to[len++] = ' ';
            for (breaks -= folds; breaks; breaks--) to[len++] = '\n';
            len = llmfi_yaml_append(to, len, llmfi_str(text + from, stop - from));
            begun = true;
            wide = llmfi_yaml_blank(text[from]);
        }
        if (stop > from || stop < p->text.len || at == b->begin) breaks++; /* blanks alone are no line where the text ends without a break */
        at = stop + (stop + 1 < b->end && text[stop] == '\r' && text[stop + 1] == '\n' ? 2 : 1);
    }
    if (!b->chomp) breaks = begun;
    if (b->chomp != '-')
        for (; breaks; breaks--) to[len++] = '\n';
    return len;
}

static bool llmfi_yaml_block_scalar(llmfi_yaml *p, size_t need, llmfi_node *node) {
    llmfi_yaml_block b;
    char *to;
    if (!llmfi_yaml_block_header(p, &b) || !llmfi_yaml_block_lines(p, need, &b)) return false;
    to = (char *)llmfi_arena_alloc(p->arena, b.end - b.begin + 2);
    if (!to) return llmfi_yaml_no_memory(p);
    node->type = LLMFI_STRING;
    node->text = llmfi_str(to, llmfi_yaml_block_text(p, &b, to));
    llmfi_yaml_skip(p);
    return true;
}

/* ---- [ ] and { } ---- */

/* A new last child of `parent`, here. */
static llmfi_node *llmfi_yaml_child(llmfi_yaml *p, llmfi_node *parent, llmfi_node ***tail) {
    llmfi_node *child = llmfi_yaml_node(p);
    if (!child) return NULL;
    **tail = child;
    *tail = &child->next;
    parent->count++;
    return child;
}

/* To the next thing inside the brackets that `open` began. */
static bool llmfi_yaml_flow_skip(llmfi_yaml *p, size_t need, size_t open) {
    char c;
    llmfi_yaml_skip(p);
    c = llmfi_yaml_peek(p, p->at);
    if (!c) return llmfi_yaml_fail(p, open, "this bracket is never closed: put its ] or } behind the last entry");
    if (!p->fresh) return true;
    if (llmfi_yaml_at_end(p)) return llmfi_yaml_fail(p, p->at, llmfi_yaml_marker_inside);
    if (p->indent + (p->brackets == 1 && (c == ']' || c == '}')) >= need) return true;
    if (p->tab) return llmfi_yaml_fail(p, p->at, llmfi_yaml_tabbed);
    return llmfi_yaml_fail(p, p->at, "inside [ ] or { } a line must be indented more than the key before the bracket: add spaces");
}

static bool llmfi_yaml_flow_node(llmfi_yaml *p, size_t need, llmfi_node *node) {
    char c = llmfi_yaml_peek(p, p->at);
    const char *refused = llmfi_yaml_refusal(p, true);
    llmfi_yaml_scalar s;
    llmfi_yaml_locate(p, node);
    if (c == '[' || c == '{') return llmfi_yaml_flow(p, need, node);
    if (refused) return llmfi_yaml_fail(p, p->at, refused);
    return llmfi_yaml_scan_scalar(p, need, true, &s) && llmfi_yaml_resolve(p, &s, node);
}

/* A ':' here that makes a key of the scalar before it. Behind quotes nothing need follow it, as in JSON. */
static bool llmfi_yaml_flow_colon(const llmfi_yaml *p, bool plain) {
    return llmfi_yaml_peek(p, p->at) == ':' && (!plain || llmfi_yaml_apart(llmfi_yaml_peek(p, p->at + 1), true));
}

/* From the ':' behind key `s` to the end of its value. */
static bool llmfi_yaml_flow_value(llmfi_yaml *p, size_t need, size_t open, const llmfi_yaml_scalar *s, llmfi_node *node) {
    char c = llmfi_yaml_peek(p, ++p->at);
    llmfi_yaml_set_key(node, s);
    llmfi_yaml_locate(p, node);
    if (s->plain && (c == '[' || c == '{')) return llmfi_yaml_fail(p, p->at, llmfi_yaml_space_colon);
    if (!llmfi_yaml_flow_skip(p, need, open)) return false;
    c = llmfi_yaml_peek(p, p->at);
    return c == ',' || c == ']' || c == '}' ? true : llmfi_yaml_flow_node(p, need, node);
}

/* key: value, or a key alone. */
static bool llmfi_yaml_flow_member(llmfi_yaml *p, size_t need, size_t open, llmfi_node *node) {
    char c = llmfi_yaml_peek(p, p->at);
    const char *refused = c == '[' || c == '{' ? llmfi_yaml_complex : llmfi_yaml_refusal(p, true);
    llmfi_yaml_scalar s;
    if (refused) return llmfi_yaml_fail(p, p->at, refused);
    if (!llmfi_yaml_scan_scalar(p, need, true, &s)) return false;
    llmfi_yaml_set_key(node, &s);
    if (!llmfi_yaml_flow_skip(p, need, open)) return false;
    return llmfi_yaml_flow_colon(p, s.plain) ? llmfi_yaml_flow_value(p, need, open, &s, node) : true;
}

/* An entry of a list; [key: value] is a list of one mapping. */
static bool llmfi_yaml_flow_entry(llmfi_yaml *p, size_t need, size_t open, llmfi_node *node) {
    char c = llmfi_yaml_peek(p, p->at);
    const char *refused = llmfi_yaml_refusal(p, true);
    llmfi_yaml_scalar s;
    llmfi_node *pair, **tail = &node->child;
    if (c == '[' || c == '{') {
        if (!llmfi_yaml_flow(p, need, node) || !llmfi_yaml_flow_skip(p, need, open)) return false;
        return llmfi_yaml_peek(p, p->at) == ':' ? llmfi_yaml_fail(p, p->at, llmfi_yaml_complex) : true;
    }
    if (refused) return llmfi_yaml_fail(p, p->at, refused);
    if (!llmfi_yaml_scan_scalar(p, need, true, &s) || !llmfi_yaml_flow_skip(p, need, open)) return false;
    if (!llmfi_yaml_flow_colon(p, s.plain)) return llmfi_yaml_resolve(p, &s, node);
    if (p->line != s.line)
        return llmfi_yaml_fail(p, p->at, "in a list a key and its ':' stand on one line: join the lines, or write {key: value}");
    node->type = LLMFI_OBJECT;
    if (!llmfi_yaml_enter(p)) return false;
    pair = llmfi_yaml_child(p, node, &tail);
    if (!pair || !llmfi_yaml_flow_value(p, need, open, &s, pair)) return false;
    p->depth--;
    return true;
}

/* From one bracket to behind the other. */
static bool llmfi_yaml_flow(llmfi_yaml *p, size_t need, llmfi_node *node) {
    size_t open = p->at;
    bool map = p->text.ptr[open] == '{';
    char close = map ? '}' : ']';
    llmfi_node **tail = &node->child;
    node->type = map ? LLMFI_OBJECT : LLMFI_ARRAY;
    if (!llmfi_yaml_enter(p)) return false;
    p->brackets++;
    p->at++;
    for (;;) {
        llmfi_node *child;
        if (!llmfi_yaml_flow_skip(p, need, open)) return false;
        if (llmfi_yaml_peek(p, p->at) == close) break;
        child = llmfi_yaml_child(p, node, &tail);
        if (!child || !(map ? llmfi_yaml_flow_member(p, need, open, child) : llmfi_yaml_flow_entry(p, need, open, child))) return false;
        if (!llmfi_yaml_flow_skip(p, need, open)) return false;
        if (llmfi_yaml_peek(p, p->at) == close) break;
        if (llmfi_yaml_peek(p, p->at) != ',')
            return llmfi_yaml_fail(p, p->at, map ? "no , or } behind an entry: put one there, or quote the text"
                                                 : "no , or ] behind an entry: put one there, or quote the text");
        p->at++;
    }
    p->at++;
    p->depth--;
    p->brackets--;
    return map ? llmfi_yaml_unique(p, node) : true;
}

/* ---- lists and mappings by indentation ---- */

static bool llmfi_yaml_dash(const llmfi_yaml *p) {
    return llmfi_yaml_peek(p, p->at) == '-' && llmfi_yaml_apart(llmfi_yaml_peek(p, p->at + 1), false);
}

/* Does a key with its ':' stand here, in one line? */
static bool llmfi_yaml_is_key(const llmfi_yaml *p) {
    size_t at = p->at;
    char quote = llmfi_yaml_peek(p, at), c;
    if (quote == '[' || quote == '{' || quote == '|' || quote == '>') return false;
    if (quote != '"' && quote != '\'') return llmfi_yaml_peek(p, llmfi_yaml_plain_stop(p, at, false)) == ':';
    for (at++; (c = llmfi_yaml_peek(p, at)) != quote || (c == '\'' && llmfi_yaml_peek(p, at + 1) == c); at++) {
        if (llmfi_yaml_break(c)) return false;
        if (c == quote || (c == '\\' && quote == '"' && !llmfi_yaml_break(llmfi_yaml_peek(p, at + 1)))) at++;
    }
    at = llmfi_yaml_past(p, at + 1, true);
    return llmfi_yaml_peek(p, at) == ':' && llmfi_yaml_apart(llmfi_yaml_peek(p, at + 1), false);
}

/* Reads what llmfi_yaml_is_key saw, to behind the ':'. */
static bool llmfi_yaml_key(llmfi_yaml *p, llmfi_node *node) {
    llmfi_yaml_scalar s;
    if (!llmfi_yaml_scan_scalar(p, 0, false, &s)) return false;
    if (p->at - s.at > LLMFI_YAML_MAX_KEY)
        return llmfi_yaml_fail(p, s.at, "a key of more than 1024 bytes: shorten it, or quote the text if it is a value");
    p->at = llmfi_yaml_past(p, p->at, true) + 1;
    llmfi_yaml_set_key(node, &s);
    return true;
}

/* The list or mapping whose first entry stands here, and whose others stand in the same column. */
static bool llmfi_yaml_entries(llmfi_yaml *p, llmfi_node *node, bool map) {
    size_t column = p->at - p->bol;
    llmfi_node **tail = &node->child;
    node->type = map ? LLMFI_OBJECT : LLMFI_ARRAY;
    if (!llmfi_yaml_enter(p)) return false;
    for (;;) {
        const char *refused;
        llmfi_node *child = llmfi_yaml_child(p, node, &tail);
        if (!child || (map && !llmfi_yaml_key(p, child))) return false;
        if (!map) p->at++;
        if (!llmfi_yaml_value(p, column + 1, map ? LLMFI_YAML_KEY : LLMFI_YAML_ENTRY, child)) return false;
        if (llmfi_yaml_at_end(p) || (p->indent < column && !p->tab) || (!map && p->indent == column && !llmfi_yaml_dash(p))) break;
        if (p->tab) return llmfi_yaml_fail(p, p->at, llmfi_yaml_tabbed);
        if (p->indent > column) return llmfi_yaml_fail(p, p->at, llmfi_yaml_stray);
        refused = map ? llmfi_yaml_refusal(p, false) : NULL;
        if (refused) return llmfi_yaml_fail(p, p->at, refused);
        if (map && !llmfi_yaml_is_key(p))
            return llmfi_yaml_fail(p, p->at,
                                   "no key with a ':' and a space here: write key: value, or indent the line if it belongs to the value above");
    }
    p->depth--;
    return map ? llmfi_yaml_unique(p, node) : true;
}

/* Behind '-', "key:", --- or at the beginning: to the next thing that is no part of the value. [s-l+block-node] */
static bool llmfi_yaml_value(llmfi_yaml *p, size_t need, int where, llmfi_node *node) {
    const char *refused;
    llmfi_yaml_scalar s;
    bool dash, key;
    char c;
    llmfi_yaml_locate(p, node);
    llmfi_yaml_skip(p);
    dash = llmfi_yaml_dash(p);
    if (llmfi_yaml_at_end(p)) return true;
    if (p->fresh && p->indent < need && !(where == LLMFI_YAML_KEY && dash && p->indent + 1 == need)) return true;
    llmfi_yaml_locate(p, node);
    dash = dash && (p->fresh || where == LLMFI_YAML_ENTRY);
    refused = dash ? NULL : llmfi_yaml_refusal(p, false);
    if (refused) return llmfi_yaml_fail(p, p->at, refused);
    c = llmfi_yaml_peek(p, p->at);
    if (c == '|' || c == '>') return llmfi_yaml_block_scalar(p, need, node);
    if (c == '[' || c == '{') {
        if (!llmfi_yaml_flow(p, need, node)) return false;
        c = llmfi_yaml_peek(p, llmfi_yaml_past(p, p->at, true));
        return c == ':' ? llmfi_yaml_fail(p, p->at, llmfi_yaml_complex) : llmfi_yaml_finish_line(p, p->line);
    }
    key = !dash && (p->fresh || where == LLMFI_YAML_ENTRY) && llmfi_yaml_is_key(p);
    if ((dash || key) && p->tab) return llmfi_yaml_fail(p, p->at, llmfi_yaml_tabbed);
    if (dash || key) return llmfi_yaml_entries(p, node, key);
    if (!llmfi_yaml_scan_scalar(p, need, false, &s) || !llmfi_yaml_resolve(p, &s, node)) return false;
    return llmfi_yaml_finish_line(p, s.line);
}

/* ---- the whole text ---- */

static bool llmfi_yaml_document(llmfi_yaml *p, llmfi_node *root) {
    llmfi_yaml_skip(p);
    if (p->at == p->bol && llmfi_yaml_peek(p, p->at) == '%')
        return llmfi_yaml_fail(p, p->at, "directives (%YAML, %TAG) are not supported: remove the line");
    if (p->at >= p->text.len || llmfi_yaml_marker(p, p->bol) == '.')
        return llmfi_yaml_fail(p, p->at, "there is no value in this text: write one, such as {}");
    p->at = p->bol;
    if (llmfi_yaml_marker(p, p->bol) == '-') p->at += 3;
    if (!llmfi_yaml_value(p, 0, LLMFI_YAML_DOCUMENT, root)) return false;
    if (!llmfi_yaml_at_end(p)) return llmfi_yaml_fail(p, p->at, p->tab ? llmfi_yaml_tabbed : llmfi_yaml_stray);
    while (p->at == p->bol && llmfi_yaml_marker(p, p->at) == '.') {
        p->at += 3;
        if (!llmfi_yaml_finish_line(p, p->line)) return false;
    }
    return p->at >= p->text.len ? true : llmfi_yaml_fail(p, p->at, "a second document begins here: keep one in each file");
}

/* The tree of `text`, in the arena; it keeps no view of the text. NULL: *err tells. A key appears once in each mapping. */
LLMFI_UNUSED static llmfi_node *llmfi_yaml_parse(llmfi_arena *a, llmf_str text, llmfi_parse_error *err) {
    llmfi_yaml p;
    llmfi_node *root;
    memset(&p, 0, sizeof p);
    memset(err, 0, sizeof *err);
    p.arena = a;
    p.err = err;
    p.line = 1;
    p.mark = llmfi_starts(text, LLMFI_LIT("\xef\xbb\xbf")) ? 3 : 0;
    p.text = llmfi_from(text, p.mark);
    if (text.len > LLMFI_YAML_MAX_TEXT) {
        llmfi_yaml_fail(&p, 0, "more than 1 GB of text: split the file");
        return NULL;
    }
    if (!llmfi_yaml_check_bytes(&p)) return NULL;
    root = llmfi_yaml_node(&p);
    return root && llmfi_yaml_document(&p, root) ? root : NULL;
}

#endif
#endif
/* The entries of a config file, made ready: variables expanded, each key known, each value of its type and in its range. Goes on after a problem. */
#ifndef LLMFI_FACTORY_CHECK_H
#define LLMFI_FACTORY_CHECK_H
/* URLs of providers, and the names and values of request headers: what may go onto the wire. Views into the caller's text. */
#ifndef LLMFI_WIRE_URL_H
#define LLMFI_WIRE_URL_H

typedef struct llmfi_url {
    llmf_str scheme;                         /* as typed: compare without case */
    llmf_str authority;                      /* host[:port] as typed: the value of Host */
    llmf_str host;                           /* without the brackets of an IPv6 literal */
    llmf_str target;                         /* path and query together. Empty or from its '?' on where there is no path: a request then says '/' before it */
    llmf_str path;                           /* empty, or from its '/' to before the '?' */
    llmf_str query;                          /* without its '?' */
    uint16_t port;                           /* the scheme's where none is given; 0: neither */
    bool ipv6;
} llmfi_url;

/* ---- characters ---- */

/* What an ASCII character may be: LLMFI_CHAR_… together. All others may be nothing of it. */
enum {
    LLMFI_CHAR_TOKEN = 1,                    /* in a header's name (RFC 9110, 5.6.2) */
    LLMFI_CHAR_URL = 2,                      /* in a URL as it is sent: visible */
    LLMFI_CHAR_UNRESERVED = 4,               /* in a URL wherever it stands (RFC 3986, 2.3) */
    LLMFI_CHAR_ALNUM = 8,
    LLMFI_CHAR_HEX = 16
};
static const unsigned char llmfi_chars[256] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
     0,  3,  2,  3,  3,  3,  3,  3,  2,  2,  3,  3,  2,  7,  7,  2, /*   ! " # $ % & ' ( ) * + , - . / */
    31, 31, 31, 31, 31, 31, 31, 31, 31, 31,  2,  2,  2,  2,  2,  2, /* 0 to 9 : ; < = > ? */
     2, 31, 31, 31, 31, 31, 31, 15, 15, 15, 15, 15, 15, 15, 15, 15, /* @ A to O */
    15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15,  2,  2,  2,  3,  7, /* P to Z [ \ ] ^ _ */
     3, 31, 31, 31, 31, 31, 31, 15, 15, 15, 15, 15, 15, 15, 15, 15, /* ` a to o */
    15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15,  2,  3,  2,  7,  0, /* p to z { | } ~ */
};

LLMFI_UNUSED static bool llmfi_char_is(char c, unsigned kind) {
    return (llmfi_chars[(unsigned char)c] & kind) != 0;
}

#if LLMFI_JSON_SSE2
/* 0xff in each byte of v from `low` to `high`. */
static __m128i llmfi_bytes_from_to(__m128i v, char low, char high) {
    __m128i a = _mm_set1_epi8(low), b = _mm_set1_epi8(high);
    return _mm_and_si128(_mm_cmpeq_epi8(_mm_max_epu8(v, a), v), _mm_cmpeq_epi8(_mm_min_epu8(v, b), v));
}

/* How many bytes at the front are a letter, a digit or '-', which are of every kind but HEX. Sixteen at a time: may stop early. */
static size_t llmfi_plain_span(const unsigned char *s, size_t len) {
    size_t i;
    for (i = 0; len - i >= 16; i += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(s + i));
        __m128i letter = llmfi_bytes_from_to(_mm_or_si128(v, _mm_set1_epi8(0x20)), 'a', 'z');
        __m128i good = _mm_or_si128(_mm_or_si128(letter, llmfi_bytes_from_to(v, '0', '9')), _mm_cmpeq_epi8(v, _mm_set1_epi8('-')));
        unsigned other = ~(unsigned)_mm_movemask_epi8(good) & 0xffff;
        if (other) return i + (unsigned)__builtin_ctz(other);
    }
    return i;
}
#endif

/* Offset of the first byte that is not of this kind (one of them), or the text's length. */
LLMFI_UNUSED static size_t llmfi_char_span(llmf_str text, unsigned kind) {
    const unsigned char *t = llmfi_chars, *s = (const unsigned char *)text.ptr;
    size_t i = 0;
#if LLMFI_JSON_SSE2
    if (kind & (LLMFI_CHAR_TOKEN | LLMFI_CHAR_URL | LLMFI_CHAR_UNRESERVED)) i = llmfi_plain_span(s, text.len);
    if (i < text.len && !(t[s[i]] & kind)) return i;
#endif
    while (text.len - i >= 4 && (t[s[i]] & t[s[i + 1]] & t[s[i + 2]] & t[s[i + 3]] & kind)) i += 4;
    while (i < text.len && (t[s[i]] & kind)) i++;
    return i;
}

/* True when one of these eight bytes is a control character: below 0x20, or DEL (subtraction borrows into the top bit). */
LLMFI_UNUSED static bool llmfi_control_in(const char *eight) {
    const uint64_t ones = UINT64_MAX / 255;
    uint64_t w, del;
    memcpy(&w, eight, 8);
    del = w ^ ones * 0x7F;
    return ((((w - ones * 0x20) & ~w) | ((del - ones) & ~del)) & ones * 0x80) != 0;
}

/* Offset of the first control character at or behind `from`, or LLMFI_NOWHERE. */
LLMFI_UNUSED static size_t llmfi_find_control(llmf_str text, size_t from) {
    size_t i = from;
#if LLMFI_JSON_SSE2
    for (; i + 16 <= text.len; i += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(text.ptr + i));
        unsigned control = (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(0x1f)), v), _mm_cmpeq_epi8(v, _mm_set1_epi8(0x7f))));
        if (control) return i + (unsigned)__builtin_ctz(control);
    }
#endif
    while (i + 8 <= text.len && !llmfi_control_in(text.ptr + i)) i += 8;
    if (i + 8 > text.len && text.len - from >= 8 && !llmfi_control_in(text.ptr + text.len - 8)) return LLMFI_NOWHERE;
    for (; i < text.len; i++)
        if ((unsigned char)text.ptr[i] < 0x20 || text.ptr[i] == 0x7F) return i;
    return LLMFI_NOWHERE;
}

/* Offset of the first byte that may not stand in a header's name, or LLMFI_NOWHERE. */
LLMFI_UNUSED static size_t llmfi_header_bad_name(llmf_str name) {
    size_t n = llmfi_char_span(name, LLMFI_CHAR_TOKEN);
    return n == name.len && n ? LLMFI_NOWHERE : n;
}

/* The same of its value: control characters other than tab, so CR, LF and NUL above all. */
LLMFI_UNUSED static size_t llmfi_header_bad_value(llmf_str value) {
    size_t i = llmfi_find_control(value, 0);
    while (i != LLMFI_NOWHERE && value.ptr[i] == '\t') i = llmfi_find_control(value, i + 1);
    return i;
}

LLMFI_UNUSED static bool llmfi_header_ok(llmf_str name, llmf_str value) {
    return llmfi_header_bad_name(name) == LLMFI_NOWHERE && llmfi_header_bad_value(value) == LLMFI_NOWHERE;
}

/* Offset of the first byte that may not stand in a URL as it is sent (blanks, control characters, all that is not ASCII), or LLMFI_NOWHERE. */
LLMFI_UNUSED static size_t llmfi_url_bad_char(llmf_str text) {
    size_t n = llmfi_char_span(text, LLMFI_CHAR_URL);
    return n == text.len ? LLMFI_NOWHERE : n;
}

/* ---- parsing ---- */

/* What is wrong with a URL; static texts, which never hold a part of it. */
typedef struct llmfi_url_error {
    const char *what;
    size_t offset;
} llmfi_url_error;

static bool llmfi_url_refuse(llmfi_url_error *e, const char *what, size_t offset) {
    e->what = what;
    e->offset = offset;
    return false;
}

/* Length of the scheme at the front of a URL, or 0. */
static size_t llmfi_url_scheme(llmf_str text) {
    size_t i = 0;
    while (i < text.len && (llmfi_char_is(text.ptr[i], LLMFI_CHAR_ALNUM) || (i && memchr("+-.", text.ptr[i], 3)))) i++;
    return i && !llmfi_is_digit(text.ptr[0]) && llmfi_starts(llmfi_from(text, i), LLMFI_LIT("://")) ? i : 0;
}

LLMFI_UNUSED static uint16_t llmfi_url_default_port(llmf_str scheme) {
    if (llmfi_eq_nocase(scheme, LLMFI_LIT("https"))) return 443;
    return llmfi_eq_nocase(scheme, LLMFI_LIT("http")) ? 80 : 0;
}

/* `port` is what stands behind the colon; false when it is no number from 1 to 65535. */
static bool llmfi_url_port(llmf_str port, uint16_t *out) {
    unsigned n = 0;
    size_t i;
    for (i = 0; i < port.len && n <= 65535; i++) {
        if (!llmfi_is_digit(port.ptr[i])) return false;
        n = n * 10 + (unsigned)(port.ptr[i] - '0');
    }
    *out = (uint16_t)n;
    return n >= 1 && n <= 65535;
}

/* Host and port out of url->authority, which begins at byte `base` of the text. */
static bool llmfi_url_authority(llmfi_url *url, size_t base, llmfi_url_error *e) {
    llmf_str a = url->authority;
    size_t i = 0, end;
    url->ipv6 = a.len && a.ptr[0] == '[';
    if (url->ipv6) {
        for (i = 1; i < a.len && (llmfi_char_is(a.ptr[i], LLMFI_CHAR_HEX) || a.ptr[i] == ':' || a.ptr[i] == '.');) i++;
        if (i == a.len || a.ptr[i] != ']' || i < 3 || i > 46) return llmfi_url_refuse(e, "not an IPv6 address in brackets", base + i);
        url->host = llmfi_str(a.ptr + 1, i - 1);
        if (llmfi_find_char(url->host, ':') == LLMFI_NOWHERE) return llmfi_url_refuse(e, "not an IPv6 address in brackets", base + 1);
        end = i + 1;
    } else {
        i = llmfi_char_span(a, LLMFI_CHAR_UNRESERVED);
        if (!i) return llmfi_url_refuse(e, "the URL has no host", base);
        if (i > 253) return llmfi_url_refuse(e, "the host is longer than 253 characters", base + 253);
        url->host = llmfi_str(a.ptr, i);
        end = i;
    }
    if (end == a.len) return true;
    if (a.ptr[end] != ':') return llmfi_url_refuse(e, "a character that no host has", base + end);
    return llmfi_url_port(llmfi_from(a, end + 1), &url->port) || llmfi_url_refuse(e, "the port is not a number from 1 to 65535", base + end + 1);
}

/* scheme://host[:port][/path][?query]. A user name or password, a fragment, blanks and bytes outside ASCII are refused. */
LLMFI_UNUSED static bool llmfi_url_parse(llmf_str text, llmfi_url *url, llmfi_url_error *e) {
    size_t bad = llmfi_url_bad_char(text), n = llmfi_url_scheme(text), from = n + 3, end, q;
    memset(url, 0, sizeof *url);
    if (bad != LLMFI_NOWHERE) return llmfi_url_refuse(e, "a blank, a control character or a byte that needs percent-encoding", bad);
    if (!n) return llmfi_url_refuse(e, "the URL does not begin with a scheme such as https://", 0);
    bad = llmfi_find_char(text, '#');
    if (bad != LLMFI_NOWHERE) return llmfi_url_refuse(e, "a fragment (#) has no place here", bad);
    url->scheme = llmfi_str(text.ptr, n);
    url->port = llmfi_url_default_port(url->scheme);
    for (end = from; end < text.len && text.ptr[end] != '/' && text.ptr[end] != '?';) end++;
    url->authority = llmfi_str(text.ptr + from, end - from);
    bad = llmfi_find_char(url->authority, '@');
    if (bad != LLMFI_NOWHERE) return llmfi_url_refuse(e, "a user name or password does not belong in a URL: use a header or api_key", from);
    url->target = llmfi_from(text, end);
    q = llmfi_find_char(url->target, '?');
    url->path = llmfi_str(url->target.ptr, q == LLMFI_NOWHERE ? url->target.len : q);
    url->query = llmfi_from(url->target, q == LLMFI_NOWHERE ? url->target.len : q + 1);
    return llmfi_url_authority(url, from, e);
}

/* The same server, so that a key sent to the one may go to the other. */
LLMFI_UNUSED static bool llmfi_url_same_origin(const llmfi_url *a, const llmfi_url *b) {
    return llmfi_eq_nocase(a->scheme, b->scheme) && llmfi_eq_nocase(a->host, b->host) && a->ipv6 == b->ipv6 && a->port == b->port;
}

/* ---- building ---- */

/* Adds `text` with all but the unreserved characters of RFC 3986 percent-encoded: a query's value. False when out's memory is. */
LLMFI_UNUSED static bool llmfi_url_encode(llmfi_buf *out, llmf_str text) {
    static const char hex[] = "0123456789ABCDEF";
    size_t i;
    char *to;
    if (text.len > (size_t)-1 / 8 || !llmfi_buf_reserve(out, text.len * 3)) return false;
    to = out->ptr ? out->ptr + out->len : NULL;
    for (i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (llmfi_char_is(text.ptr[i], LLMFI_CHAR_UNRESERVED)) {
            *to++ = text.ptr[i];
        } else {
            *to++ = '%';
            *to++ = hex[c >> 4];
            *to++ = hex[c & 15];
        }
    }
    if (to) out->len = (size_t)(to - out->ptr);
    return true;
}

/* The same for one segment of a path. A segment that would leave its place (empty, "." or "..") is refused: a model's name
   must not choose another endpoint. */
LLMFI_UNUSED static bool llmfi_url_segment(llmfi_buf *out, llmf_str text) {
    if (!text.len || LLMFI_IS(text, ".") || LLMFI_IS(text, "..")) return false;
    return llmfi_url_encode(out, text);
}

/* Adds base and path with exactly one slash between them. A query of the base stays behind the path; one of the path is joined to it by '&'. */
LLMFI_UNUSED static bool llmfi_url_join(llmfi_buf *out, llmf_str base, llmf_str path) {
    size_t q = llmfi_find_char(base, '?'), pq = llmfi_find_char(path, '?');
    llmf_str front = llmfi_str(base.ptr, q == LLMFI_NOWHERE ? base.len : q), query = llmfi_from(base, q == LLMFI_NOWHERE ? base.len : q + 1);
    llmf_str name = llmfi_str(path.ptr, pq == LLMFI_NOWHERE ? path.len : pq), more = llmfi_from(path, pq == LLMFI_NOWHERE ? path.len : pq + 1);
    bool slash = front.len && front.ptr[front.len - 1] == '/', ok;
    if (slash && name.len && name.ptr[0] == '/') front.len--;
    ok = llmfi_buf_add(out, front.ptr, front.len);
    if (!slash && name.len && name.ptr[0] != '/') ok = ok && llmfi_buf_add(out, "/", 1);
    ok = ok && llmfi_buf_add(out, name.ptr, name.len);
    if (query.len || more.len) ok = ok && llmfi_buf_add(out, "?", 1);
    ok = ok && llmfi_buf_add(out, query.ptr, query.len);
    if (query.len && more.len) ok = ok && llmfi_buf_add(out, "&", 1);
    return ok && llmfi_buf_add(out, more.ptr, more.len);
}

#endif
/* Variables: the environment's, and those of a .env file where the environment has none. Their values are never printed and are wiped at the end. */
#ifndef LLMFI_FACTORY_ENV_H
#define LLMFI_FACTORY_ENV_H
#include <stdlib.h>
/* Problems of config files and variables, told one by one as they are found: "file:line:column: error: what; what to do". Never the value of anything. */
#ifndef LLMFI_FACTORY_REPORT_H
#define LLMFI_FACTORY_REPORT_H

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
/* Where config comes from: files and directories. The C library's own buffers (fopen, opendir) are the only memory that is not the factory's. */
#ifndef LLMFI_FACTORY_SOURCES_H
#define LLMFI_FACTORY_SOURCES_H
#if LLMF_HAS_FILES
#include <errno.h>
#include <stdio.h>
#if !defined(_WIN32)
#include <dirent.h>
#endif
#endif

enum {
    LLMFI_SOURCE_READ,
    LLMFI_SOURCE_NONE,                       /* cannot be read: reported */
    LLMFI_SOURCE_MEMORY,                     /* refused: not reported */
    LLMFI_SOURCE_NO_DIRECTORY                /* of llmfi_source_list: something else, or nothing */
};

#if LLMF_HAS_FILES

static int llmfi_source_failed(llmfi_report *report, llmf_str path, const char *what) {
    llmfi_report_at(report, path, 0, 0, what);
    return LLMFI_SOURCE_NONE;
}

/* Room for all of it at once where its size can be known, so that a file with keys does not leave copies behind as the buffer grows. */
static bool llmfi_source_room(FILE *f, llmfi_buf *into) {
    long size = fseek(f, 0, SEEK_END) == 0 ? ftell(f) : -1;
    rewind(f);
    return size < 0 || size > (long)LLMF_MAX_FILE || llmfi_buf_reserve(into, (size_t)size + 2);
}

static int llmfi_source_pour(FILE *f, llmf_str path, llmfi_buf *into, llmfi_report *report) {
    if (!llmfi_source_room(f, into)) return LLMFI_SOURCE_MEMORY;
    for (;;) {
        size_t n;
        if (into->len == into->cap && !llmfi_buf_reserve(into, 1024)) return LLMFI_SOURCE_MEMORY;
        n = fread(into->ptr + into->len, 1, into->cap - into->len, f);
        into->len += n;
        if (into->len > LLMF_MAX_FILE) return llmfi_source_failed(report, path, "is larger than LLMF_MAX_FILE; split it, or build with a larger limit");
        if (n) continue;
        if (!ferror(f)) return LLMFI_SOURCE_READ;
        return llmfi_source_failed(report, path, "cannot be read; is it a directory?");
    }
}

/* The whole of a file (`path` ends with NUL) into an empty buffer. */
LLMFI_UNUSED static int llmfi_source_read(llmf_str path, llmfi_buf *into, llmfi_report *report) {
    int saved = errno, got;
    FILE *f = fopen(path.ptr, "rb");
    if (f) {
        got = llmfi_source_pour(f, path, into, report);
        fclose(f);
    } else {
        got = llmfi_source_failed(report, path, errno == EACCES ? "may not be read; look at its permissions" : "cannot be opened; is the path right?");
    }
    errno = saved;
    return got;
}

#else

LLMFI_UNUSED static int llmfi_source_read(llmf_str path, llmfi_buf *into, llmfi_report *report) {
    (void)into;
    llmfi_report_at(report, path, 0, 0, "this build reads no files (LLMF_NO_FILES); give the text itself: llmf_desc.config_text, getenv_fn");
    return LLMFI_SOURCE_NONE;
}

#endif

/* ---- directories ---- */

typedef struct llmfi_source_name {
    llmf_str path;
    struct llmfi_source_name *next;
} llmfi_source_name;

/* .yaml, .yml or .json, and not hidden. */
LLMFI_UNUSED static bool llmfi_source_wanted(llmf_str name) {
    if (name.len == 0 || name.ptr[0] == '.') return false;
    return llmfi_ends(name, LLMFI_LIT(".yaml")) || llmfi_ends(name, LLMFI_LIT(".yml")) || llmfi_ends(name, LLMFI_LIT(".json"));
}

/* The file's name without its directory and its ending. */
LLMFI_UNUSED static llmf_str llmfi_source_stem(llmf_str path) {
    size_t at;
    for (at = path.len; at > 0 && path.ptr[at - 1] != '/' && path.ptr[at - 1] != '\\'; at--) {}
    path = llmfi_from(path, at);
    for (at = path.len; at > 1 && path.ptr[at - 1] != '.'; at--) {}
    if (at > 1) path.len = at - 1;
    return path;
}

#if LLMF_HAS_FILES && !defined(_WIN32)

static bool llmfi_source_before(llmf_str a, llmf_str b) {
    size_t n = a.len < b.len ? a.len : b.len;
    int order = n ? memcmp(a.ptr, b.ptr, n) : 0;
    return order < 0 || (order == 0 && a.len < b.len);
}

/* "directory/name" into the arena, sorted into the list by bytes. */
static bool llmfi_source_keep(llmfi_arena *a, llmf_str directory, llmf_str name, llmfi_source_name **list) {
    llmfi_source_name *n = (llmfi_source_name *)llmfi_arena_alloc(a, sizeof *n);
    char *path = (char *)llmfi_arena_alloc(a, directory.len + name.len + 2);
    if (!n || !path) return false;
    while (directory.len > 1 && directory.ptr[directory.len - 1] == '/') directory.len--;
    memcpy(path, directory.ptr, directory.len);
    path[directory.len] = '/';
    memcpy(path + directory.len + 1, name.ptr, name.len);
    n->path = llmfi_str(path, directory.len + 1 + name.len);
    while (*list && llmfi_source_before((*list)->path, n->path)) list = &(*list)->next;
    n->next = *list;
    *list = n;
    return true;
}

/* The config files of a directory (`path` ends with NUL), by name. */
LLMFI_UNUSED static int llmfi_source_list(llmf_str path, llmfi_arena *a, llmfi_source_name **list, llmfi_report *report) {
    int saved = errno, got = LLMFI_SOURCE_READ;
    size_t count = 0;
    DIR *d = opendir(path.ptr);
    struct dirent *entry;
    *list = NULL;
    if (!d) got = LLMFI_SOURCE_NO_DIRECTORY;
    while (d && got == LLMFI_SOURCE_READ && (entry = readdir(d)) != NULL) {
        llmf_str name = llmfi_cstr(entry->d_name);
        if (!llmfi_source_wanted(name)) continue;
        if (++count > LLMF_MAX_FILES) got = llmfi_source_failed(report, path, "has more files than LLMF_MAX_FILES; build with a larger limit");
        else if (!llmfi_source_keep(a, path, name, list)) got = LLMFI_SOURCE_MEMORY;
    }
    if (d) closedir(d);
    errno = saved;
    return got;
}

#else

LLMFI_UNUSED static int llmfi_source_list(llmf_str path, llmfi_arena *a, llmfi_source_name **list, llmfi_report *report) {
    (void)path, (void)a, (void)report;
    *list = NULL;
    return LLMFI_SOURCE_NO_DIRECTORY;
}

#endif
#endif

#define LLMFI_VARIABLE_MAX 128               /* bytes of a variable's name */

typedef struct llmfi_env {
    const llmf_desc *desc;
    llmfi_buf file;                          /* the .env file, rewritten in place as NAME NUL value NUL ... */
} llmfi_env;

/* Overwrites a secret; the compiler may not leave it out. */
static void llmfi_env_wipe(char *at, size_t len) {
    volatile char *p = at;
    while (len--) *p++ = 0;
}

/* ---- .env files ---- */

typedef struct llmfi_dotenv {
    llmfi_report *report;
    llmf_str name, text;                     /* the file's name, and what is in it */
    size_t at, out;                          /* next byte to read; next to write: never past `at` */
    uint32_t line;                           /* of `at`, from 1 */
    size_t bol;                              /* where the line of the entry under way begins */
    char *to;
} llmfi_dotenv;

static bool llmfi_is_variable_char(char c, bool first) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || (!first && llmfi_is_digit(c));
}

LLMFI_UNUSED static bool llmfi_is_variable(llmf_str s) {
    size_t i;
    for (i = 0; i < s.len; i++)
        if (!llmfi_is_variable_char(s.ptr[i], i == 0)) return false;
    return s.len > 0 && s.len < LLMFI_VARIABLE_MAX;
}

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
    if (memchr(d.text.ptr, '\0', d.text.len)) {
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
        size_t len = strlen(at);
        const char *value = at + len + 1;
        if (len == name.len && memcmp(at, name.ptr, len) == 0) found = value;
        at = value + strlen(value) + 1;
    }
    return found;
}

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

#endif
/* Names that are nearly right: "did you mean". */
#ifndef LLMFI_FACTORY_NAMES_H
#define LLMFI_FACTORY_NAMES_H

#define LLMFI_NAME_MAX 64                    /* longer names are not compared */
#define LLMFI_NEAREST 3                      /* names suggested at most */

static unsigned llmfi_min3(unsigned a, unsigned b, unsigned c) {
    unsigned m = a < b ? a : b;
    return m < c ? m : c;
}

/* How many letters must be inserted, dropped, changed or swapped with their neighbour to make `b` of `a`, letters without case
   (optimal string alignment, Damerau-Levenshtein without a second edit of a piece); `bound` + 1 where it is more than `bound`. */
LLMFI_UNUSED static unsigned llmfi_distance(llmf_str a, llmf_str b, unsigned bound) {
    uint8_t rows[3][LLMFI_NAME_MAX + 1];
    uint8_t *before = rows[0], *last = rows[1], *now = rows[2], *swap;
    size_t i, j;
    if (a.len > LLMFI_NAME_MAX || b.len > LLMFI_NAME_MAX) return bound + 1;
    if (a.len > b.len + bound || b.len > a.len + bound) return bound + 1;
    for (j = 0; j <= b.len; j++) last[j] = (uint8_t)j;
    for (i = 1; i <= a.len; i++) {
        unsigned least;
        now[0] = (uint8_t)i;
        least = now[0];
        for (j = 1; j <= b.len; j++) {
            char ca = llmfi_lower(a.ptr[i - 1]), cb = llmfi_lower(b.ptr[j - 1]);
            unsigned cost = llmfi_min3(last[j] + 1u, now[j - 1] + 1u, last[j - 1] + (ca != cb ? 1u : 0u));
            if (i > 1 && j > 1 && ca == llmfi_lower(b.ptr[j - 2]) && cb == llmfi_lower(a.ptr[i - 2]) && before[j - 2] + 1u < cost) cost = before[j - 2] + 1u;
            now[j] = (uint8_t)cost;
            if (cost < least) least = cost;
        }
        if (least > bound) return bound + 1;
        swap = before;
        before = last;
        last = now;
        now = swap;
    }
    return last[b.len] > bound ? bound + 1 : last[b.len];
}

/* How far off a name of this length may be to be worth a question. */
LLMFI_UNUSED static unsigned llmfi_distance_bound(size_t len) {
    return len < 3 ? 1 : len < 6 ? 2 : len < 12 ? 3 : 4;
}

/* The nearest few of the names shown to it. */
typedef struct llmfi_nearest {
    llmf_str wanted, names[LLMFI_NEAREST];
    unsigned far[LLMFI_NEAREST], bound;
    int count;
} llmfi_nearest;

LLMFI_UNUSED static llmfi_nearest llmfi_nearest_to(llmf_str wanted) {
    llmfi_nearest n;
    memset(&n, 0, sizeof n);
    n.wanted = wanted;
    n.bound = llmfi_distance_bound(wanted.len);
    return n;
}

/* A name that begins with what was wanted, or has it inside, is near too, but less so than any that is one letter off. */
static unsigned llmfi_nearest_far(const llmfi_nearest *n, llmf_str name) {
    unsigned far = llmfi_distance(n->wanted, name, n->bound);
    size_t at;
    if (far <= n->bound || n->wanted.len < 4 || name.len <= n->wanted.len) return far;
    at = llmfi_find_nocase(name, n->wanted);
    return at == LLMFI_NOWHERE ? far : at == 0 ? 2u : 3u;
}

LLMFI_UNUSED static void llmfi_nearest_try(llmfi_nearest *n, llmf_str name) {
    unsigned far = llmfi_nearest_far(n, name);
    int at, i;
    if (far > n->bound) return;
    for (i = 0; i < n->count; i++)
        if (llmfi_eq(n->names[i], name)) return;
    for (at = n->count; at > 0 && n->far[at - 1] > far; at--) {}
    if (at == LLMFI_NEAREST) return;
    if (n->count < LLMFI_NEAREST) n->count++;
    for (i = n->count - 1; i > at; i--) {
        n->names[i] = n->names[i - 1];
        n->far[i] = n->far[i - 1];
    }
    n->names[at] = name;
    n->far[at] = far;
}

/* "; did you mean a, b or c?"; nothing where no name was near. */
LLMFI_UNUSED static void llmfi_nearest_say(const llmfi_nearest *n, llmfi_text *t) {
    int i;
    if (!n->count) return;
    LLMFI_SAY(t, "; did you mean ");
    for (i = 0; i < n->count; i++) {
        if (i) llmfi_say(t, i + 1 == n->count ? LLMFI_LIT(" or ") : LLMFI_LIT(", "));
        llmfi_say(t, n->names[i]);
    }
    LLMFI_SAY(t, "?");
}

#endif
/* What a model's name stands for once all sources are merged, what a provider is, and the one table of the keys that config files set them by. */
#ifndef LLMFI_FACTORY_RECORD_H
#define LLMFI_FACTORY_RECORD_H
/* models.def as tables of this build, and the look-ups in them. Rows of what is left out cost nothing, but that a provider's own row always stands:
   so "left out of this build" and "unknown" are two answers. */
#ifndef LLMFI_FACTORY_TABLES_H
#define LLMFI_FACTORY_TABLES_H

/* How a key goes out: name in C, name in a config file, header, what stands before the key in it. */
#define LLMFI_AUTHS(X)                                          \
    X(NONE, "none", "", "")                                     \
    X(BEARER, "bearer", "Authorization", "Bearer ")             \
    X(X_API_KEY, "x-api-key", "x-api-key", "")                  \
    X(API_KEY, "api-key", "api-key", "")                        \
    X(GOOG_KEY, "x-goog-api-key", "x-goog-api-key", "")         \
    X(PORTKEY_KEY, "x-portkey-api-key", "x-portkey-api-key", "") \
    X(AWS, "aws", "", "")

enum {
#define LLMFI_AUTH_ID(id, name, header, prefix) LLMFI_AUTH_##id,
    LLMFI_AUTHS(LLMFI_AUTH_ID)
#undef LLMFI_AUTH_ID
    LLMFI_AUTH_COUNT
};

typedef struct llmfi_auth_row {
    const char *name, *header, *prefix;
} llmfi_auth_row;

static const llmfi_auth_row llmfi_auth_rows[] = {
#define LLMFI_AUTH_ROW(id, name, header, prefix) {name, header, prefix},
    LLMFI_AUTHS(LLMFI_AUTH_ROW)
#undef LLMFI_AUTH_ROW
};

/* What a thing is for, in words for people. */
#if LLMF_HAS_STRINGS
#define LLMFI_DOC(text) text
#else
#define LLMFI_DOC(text) NULL
#endif

/* Keeps what follows where `has` is 1, drops it where it is 0. */
#define LLMFI_KEEP(has, ...) LLMFI_KEEP_IF(has, __VA_ARGS__)
#define LLMFI_KEEP_IF(has, ...) LLMFI_KEEP_##has(__VA_ARGS__)
#define LLMFI_KEEP_1(...) __VA_ARGS__
#define LLMFI_KEEP_0(...)

/* ---- dialects ---- */

typedef struct llmfi_dialect_row {
    const char *name;
    bool built, later;                       /* later: this version has no adapter for it yet */
} llmfi_dialect_row;

enum {
#define LLMF_DIALECT(ID, name) LLMFI_DIALECT_##ID,
#ifdef LLMF_MODELS_DEF
#include LLMF_MODELS_DEF
#else
LLMFI_ROWS_DIALECT
#undef LLMF_DIALECT
#endif
    LLMFI_DIALECT_COUNT
};

static const llmfi_dialect_row llmfi_dialect_rows[] = {
#define LLMF_DIALECT(ID, name) {name, LLMF_HAS_DIALECT_##ID, !LLMFI_ADAPTER_##ID},
#ifdef LLMF_MODELS_DEF
#include LLMF_MODELS_DEF
#else
LLMFI_ROWS_DIALECT
#undef LLMF_DIALECT
#endif
};

/* ---- sets of quirks ---- */

enum {
    LLMFI_QUIRK_SETS = 0
#define LLMF_QUIRK_SET(NAME, a, b, c, d) , LLMFI_QUIRKS_##NAME = LLMFI_Q_##a | LLMFI_Q_##b | LLMFI_Q_##c | LLMFI_Q_##d
#ifdef LLMF_MODELS_DEF
#include LLMF_MODELS_DEF
#else
LLMFI_ROWS_QUIRK_SET
#undef LLMF_QUIRK_SET
#endif
};

typedef struct llmfi_quirk_row {
    const char *name, *what;
    uint32_t bit;
} llmfi_quirk_row;

static const llmfi_quirk_row llmfi_quirk_rows[] = {
#define LLMFI_QUIRK_ROW(id, name, what) {name, LLMFI_DOC(what), LLMFI_Q_##id},
    LLMFI_QUIRKS(LLMFI_QUIRK_ROW)
#undef LLMFI_QUIRK_ROW
};

/* ---- providers ---- */

typedef struct llmfi_provider_row {
    const char *option;                      /* as in LLMF_NO_<option> */
    const char *name, *aliases, *base_url, *key_variables, *default_model, *api_version, *embedding_model;
    int32_t default_max_tokens, embedding_batch;
    uint32_t quirks;
    uint8_t dialect, auth;
    bool built;
} llmfi_provider_row;

enum {
#define LLMF_PROVIDER(ID, name, aliases, dialect, url, auth, keys, model, max, version, embedding, batch, quirks) LLMFI_P_##ID,
#ifdef LLMF_MODELS_DEF
#include LLMF_MODELS_DEF
#else
LLMFI_ROWS_PROVIDER
#undef LLMF_PROVIDER
#endif
    LLMFI_P_COUNT
};

static const llmfi_provider_row llmfi_provider_rows[] = {
#define LLMF_PROVIDER(ID, name, aliases, dialect, url, auth, keys, model, max, version, embedding, batch, quirks) \
    {#ID, name, aliases, url, keys, model, version, embedding, max, batch, LLMFI_QUIRKS_##quirks, LLMFI_DIALECT_##dialect, LLMFI_AUTH_##auth, LLMF_HAS_##ID},
#ifdef LLMF_MODELS_DEF
#include LLMF_MODELS_DEF
#else
LLMFI_ROWS_PROVIDER
#undef LLMF_PROVIDER
#endif
};

/* A provider that is built in needs its dialect: options.h lists the hosts of each, and a host missing there does not compile. */
enum {
#define LLMF_PROVIDER(ID, name, aliases, dialect, url, auth, keys, model, max, version, embedding, batch, quirks) \
    LLMFI_P_HAS_ITS_DIALECT_##ID = 1 / (LLMF_HAS_DIALECT_##dialect >= LLMF_HAS_##ID),
#ifdef LLMF_MODELS_DEF
#include LLMF_MODELS_DEF
#else
LLMFI_ROWS_PROVIDER
#undef LLMF_PROVIDER
#endif
    LLMFI_P_ALL_HAVE
};

/* What a variable of LLMF_VARIABLE sets. */
enum { LLMFI_SETS_MODEL, LLMFI_SETS_BASE_URL, LLMFI_SETS_API_VERSION, LLMFI_SETS_REGION, LLMFI_SETS_ACCOUNT, LLMFI_SETS_RESOURCE, LLMFI_SETS_HOST, LLMFI_SETS_HEADER };

typedef struct llmfi_variable_row {
    const char *variable, *header;
    uint8_t provider, sets;
} llmfi_variable_row;

static const llmfi_variable_row llmfi_variable_rows[] = {
#define LLMF_VARIABLE(PROVIDER, variable, setting, header) LLMFI_KEEP(LLMF_HAS_##PROVIDER, {variable, header, LLMFI_P_##PROVIDER, LLMFI_SETS_##setting}, )
#ifdef LLMF_MODELS_DEF
#include LLMF_MODELS_DEF
#else
LLMFI_ROWS_VARIABLE
#undef LLMF_VARIABLE
#endif
    {NULL, NULL, 0, 0}
};

/* ---- models ---- */

/* Prices fit 32 bits up to 2,147 USD per million tokens. */
typedef struct llmfi_model_row {
    const char *id;
    int32_t context, max_output;
    int32_t input, output, cache_read, cache_write_5m, cache_write_1h;
    int32_t ends;                            /* yyyymmdd; 0: not known */
    uint32_t quirks;
    char capabilities[8];                    /* letters, see models.def */
    uint8_t provider;
} llmfi_model_row;

typedef struct llmfi_tier_row {
    const char *id;
    int32_t above, input, output, cache_read, cache_write;
    uint8_t provider;
} llmfi_tier_row;

typedef struct llmfi_family_row {
    const char *prefix;
    uint32_t quirks;
    uint8_t provider;
} llmfi_family_row;

static const llmfi_model_row llmfi_model_rows[] = {
#if LLMF_HAS_MODELS
#define LLMF_MODEL(PROVIDER, id, context, max_output, in, out, read, write_5m, write_1h, capabilities, quirks, checked, ends) \
    LLMFI_KEEP(LLMF_HAS_##PROVIDER, {id, context, max_output, in, out, read, write_5m, write_1h, ends, LLMFI_QUIRKS_##quirks, capabilities, LLMFI_P_##PROVIDER}, )
#ifdef LLMF_MODELS_DEF
#include LLMF_MODELS_DEF
#else
LLMFI_ROWS_MODEL
#undef LLMF_MODEL
#endif
#endif
    {NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0, "", 0}
};

static const llmfi_tier_row llmfi_tier_rows[] = {
#if LLMF_HAS_MODELS
#define LLMF_TIER(PROVIDER, id, above, in, out, read, write) LLMFI_KEEP(LLMF_HAS_##PROVIDER, {id, above, in, out, read, write, LLMFI_P_##PROVIDER}, )
#ifdef LLMF_MODELS_DEF
#include LLMF_MODELS_DEF
#else
LLMFI_ROWS_TIER
#undef LLMF_TIER
#endif
#endif
    {NULL, 0, 0, 0, 0, 0, 0}
};

static const llmfi_family_row llmfi_family_rows[] = {
#define LLMF_FAMILY(PROVIDER, prefix, quirks) LLMFI_KEEP(LLMF_HAS_##PROVIDER, {prefix, LLMFI_QUIRKS_##quirks, LLMFI_P_##PROVIDER}, )
#ifdef LLMF_MODELS_DEF
#include LLMF_MODELS_DEF
#else
LLMFI_ROWS_FAMILY
#undef LLMF_FAMILY
#endif
    {NULL, 0, 0}
};

LLMFI_UNUSED static size_t llmfi_model_row_count(void) {
    return LLMFI_COUNT(llmfi_model_rows) - 1;
}

/* ---- look-ups ---- */

/* Walks the words of a text that blanks separate; false after the last. */
static bool llmfi_next_word(llmf_str *text, llmf_str *word) {
    size_t n = 0;
    *text = llmfi_trim(*text);
    while (n < text->len && !llmfi_is_space(text->ptr[n])) n++;
    *word = llmfi_str(text->ptr, n);
    *text = llmfi_from(*text, n);
    return n > 0;
}

/* The index of the provider of this name or alias, letters without case; -1. */
LLMFI_UNUSED static int llmfi_find_provider_row(llmf_str name) {
    int i;
    llmf_str word, aliases;
    for (i = 0; i < LLMFI_P_COUNT; i++) {
        if (llmfi_eq_nocase(name, llmfi_cstr(llmfi_provider_rows[i].name))) return i;
        for (aliases = llmfi_cstr(llmfi_provider_rows[i].aliases); llmfi_next_word(&aliases, &word);)
            if (llmfi_eq_nocase(name, word)) return i;
    }
    return -1;
}

/* The row of a dialect, letters without case; -1. */
LLMFI_UNUSED static int llmfi_find_dialect_row(llmf_str name) {
    int i;
    for (i = 0; i < LLMFI_DIALECT_COUNT; i++)
        if (llmfi_eq_nocase(name, llmfi_cstr(llmfi_dialect_rows[i].name))) return i;
    return -1;
}

/* The first row of this id, of any provider where `provider` is below 0; NULL. A plain walk: some 150 rows take less than a microsecond,
   and a handle's name is looked up once. */
LLMFI_UNUSED static const llmfi_model_row *llmfi_find_model_row(int provider, llmf_str id) {
    const llmfi_model_row *row;
    for (row = llmfi_model_rows; row->id; row++)
        if ((provider < 0 || row->provider == provider) && id.len && row->id[0] == id.ptr[0] && llmfi_eq(id, llmfi_cstr(row->id))) return row;
    return NULL;
}

/* The price tier of a model of the table; NULL. */
LLMFI_UNUSED static const llmfi_tier_row *llmfi_find_tier_row(const llmfi_model_row *model) {
    const llmfi_tier_row *row;
    for (row = llmfi_tier_rows; row->id; row++)
        if (row->provider == model->provider && strcmp(row->id, model->id) == 0) return row;
    return NULL;
}

/* Quirks of an id that has no row. */
LLMFI_UNUSED static uint32_t llmfi_family_quirks(int provider, llmf_str id) {
    const llmfi_family_row *row, *best = NULL;
    for (row = llmfi_family_rows; row->prefix; row++)
        if (row->provider == provider && llmfi_starts(id, llmfi_cstr(row->prefix)) && (!best || strlen(row->prefix) > strlen(best->prefix))) best = row;
    return best ? best->quirks : 0;
}

LLMFI_UNUSED static uint32_t llmfi_row_capabilities(const llmfi_model_row *row) {
    static const struct {
        char letter;
        uint8_t can;
    } letters[] = {{'T', LLMF_CAN_TOOLS},  {'I', LLMF_CAN_IMAGES}, {'A', LLMF_CAN_AUDIO}, {'F', LLMF_CAN_FILES},
                   {'R', LLMF_CAN_REASON}, {'S', LLMF_CAN_SCHEMA}, {'E', LLMF_CAN_EMBED}, {'X', LLMF_CAN_TRANSCRIBE}};
    uint32_t can = 0;
    size_t i, j;
    for (i = 0; i < sizeof row->capabilities && row->capabilities[i]; i++)
        for (j = 0; j < LLMFI_COUNT(letters); j++)
            if (letters[j].letter == row->capabilities[i]) can |= letters[j].can;
    return can;
}

/* The bit of a quirk's config name; 0: there is none. */
LLMFI_UNUSED static uint32_t llmfi_quirk_bit(llmf_str name) {
    size_t i;
    for (i = 0; i < LLMFI_COUNT(llmfi_quirk_rows); i++)
        if (llmfi_eq(name, llmfi_cstr(llmfi_quirk_rows[i].name))) return llmfi_quirk_rows[i].bit;
    return 0;
}

/* The scheme of a config name; -1. */
LLMFI_UNUSED static int llmfi_find_auth(llmf_str name) {
    int i;
    for (i = 0; i < LLMFI_AUTH_COUNT; i++)
        if (llmfi_eq_nocase(name, llmfi_cstr(llmfi_auth_rows[i].name))) return i;
    return -1;
}

#endif

/* Pico-dollars a token; LLMF_UNKNOWN. */
typedef struct llmfi_price {
    int64_t input, output, cache_read, cache_write, cache_write_1h;
} llmfi_price;

/* Texts live as long as the config generation. */
typedef struct llmfi_provider {
    llmf_str name, dialect, base_url, key_variables, default_model, api_version, embedding_model, region, account, resource, description;
    llmf_str api_key, api_key_env_var, api_key_secret; /* of its config entry */
    int auth;                                /* LLMFI_AUTH_… */
    uint32_t quirks;                         /* LLMFI_Q_… */
    int64_t default_max_tokens;              /* 0: the provider demands none */
    int64_t embedding_batch;                 /* texts in one request; 0: it embeds nothing */
    int64_t rpm, tpm, max_retries;           /* 0, 0, -1: not set */
    const llmfi_node *headers;               /* object of texts; NULL */
    const llmfi_node *node;                  /* its config entry; NULL */
    llmf_timeouts timeouts;
    const char *option;                      /* as in LLMF_NO_<option>; NULL: not of the table */
    int row;                                 /* of llmfi_provider_rows; -1 */
    bool built, later;                       /* later: its dialect comes with a later version */
    bool from_config;                        /* a file, or llmf_register, speaks of it */
    struct llmfi_provider *next;
} llmfi_provider;

typedef struct llmfi_record {
    llmfi_settings s;
    const llmfi_provider *provider;
    llmf_str api_key, api_key_env_var, api_key_secret; /* of its config entry; empty */
    llmf_str reasoning, prompt_prefix, prompt_suffix, embedding_model;
    llmf_str account, resource;
    double temperature, top_p;               /* 0: not set; LLMF_ZERO: 0 */
    int64_t max_tokens;                      /* 0: not set */
    int64_t max_retries;                     /* -1: not set */
    int64_t rpm, tpm;                        /* 0: not set */
    int64_t budget_pico;                     /* -1: not set */
    double weight;                           /* 0: not set; LLMF_ZERO: 0 */
    const llmfi_node *stop, *fallbacks;      /* arrays of texts; NULL */
    const llmfi_node *headers;               /* object of texts, besides the provider's; NULL */
    const llmfi_node *use_cases, *quality;   /* as they stand; NULL */
    const llmfi_node *node;                  /* the whole entry; NULL where the name is no key of the config */
    llmf_timeouts timeouts;
    llmfi_price price, tier;
    int64_t tier_above;                      /* input tokens above which `tier` counts; 0: never */
    uint32_t capabilities;                   /* LLMF_CAN_… */
    int32_t ends;                            /* yyyymmdd; 0: not known */
    bool from_config, from_table;
} llmfi_record;

/* The price of a call with that many input tokens; below 0: not known how many. */
LLMFI_UNUSED static const llmfi_price *llmfi_record_price(const llmfi_record *r, int64_t input_tokens) {
    return r->tier_above > 0 && input_tokens > r->tier_above ? &r->tier : &r->price;
}

/* ---- keys ---- */

enum {
    LLMFI_KEY_TEXT,                          /* llmf_str */
    LLMFI_KEY_SECRET,                        /* llmf_str; a warning where it stands in the file as it is */
    LLMFI_KEY_VARIABLE,                      /* llmf_str: a variable's name */
    LLMFI_KEY_URL,                           /* llmf_str */
    LLMFI_KEY_REASONING,                     /* llmf_str: a word, or "N tokens" */
    LLMFI_KEY_DIALECT,                       /* llmf_str */
    LLMFI_KEY_AUTH,                          /* int */
    LLMFI_KEY_INTEGER,                       /* int64_t */
    LLMFI_KEY_NUMBER,                        /* double; 0 becomes LLMF_ZERO */
    LLMFI_KEY_PRICE,                         /* int64_t: USD per million -> pico-dollars a token */
    LLMFI_KEY_USD,                           /* int64_t: USD -> pico-dollars */
    LLMFI_KEY_TIME,                          /* int64_t: milliseconds; -1: none */
    LLMFI_KEY_TEXTS,                         /* node: an array of texts */
    LLMFI_KEY_NAMES,                         /* the same, of names that must resolve */
    LLMFI_KEY_HEADERS,                       /* node: an object of texts */
    LLMFI_KEY_OBJECT,                        /* node */
    LLMFI_KEY_ANY,                           /* node: a scalar or a list */
    LLMFI_KEY_QUIRKS,                        /* uint32_t: bits set and cleared */
    LLMFI_KEY_CAN,                           /* uint32_t: LLMF_CAN_… */
    LLMFI_KEY_PROVIDER,                      /* decides before all others */
    LLMFI_KEY_MODEL                          /* likewise */
};

#define LLMFI_KEY_NONE 0xFFFF                /* the key has no place there: it is unknown */
#define LLMFI_KEY_APART 0xFFFE               /* known, and read by its own code */

typedef struct llmfi_key {
    const char *name;
    uint8_t type;
    uint16_t model, provider;                /* where its value goes: offset in llmfi_record, in llmfi_provider; or LLMFI_KEY_… above */
    double least, most;
    const char *doc;
} llmfi_key;

#define LLMFI_MAX_NUMBER 9007199254740992.0  /* 2^53 */
#define LLMFI_IN_M(f) (uint16_t) offsetof(llmfi_record, f), LLMFI_KEY_NONE
#define LLMFI_IN_P(f) LLMFI_KEY_NONE, (uint16_t)offsetof(llmfi_provider, f)
#define LLMFI_IN(m, p) (uint16_t) offsetof(llmfi_record, m), (uint16_t)offsetof(llmfi_provider, p)

static const llmfi_key llmfi_keys[] = {
    {"name", LLMFI_KEY_TEXT, LLMFI_KEY_APART, LLMFI_KEY_NONE, 0, 0, LLMFI_DOC("another name for the entry")},
    {"provider", LLMFI_KEY_PROVIDER, LLMFI_KEY_APART, LLMFI_KEY_NONE, 0, 0, LLMFI_DOC("a provider's name or alias")},
    {"model_id", LLMFI_KEY_MODEL, LLMFI_KEY_APART, LLMFI_KEY_NONE, 0, 0, LLMFI_DOC("the provider's id of the model")},
    {"description", LLMFI_KEY_TEXT, LLMFI_IN(s.description, description), 0, 0, LLMFI_DOC("for people")},
    {"dialect", LLMFI_KEY_DIALECT, LLMFI_IN_P(dialect), 0, 0, LLMFI_DOC("how the host speaks: openai, anthropic, ollama, ...")},
    {"auth", LLMFI_KEY_AUTH, LLMFI_IN_P(auth), 0, 0, LLMFI_DOC("how the key goes out: bearer, x-api-key, api-key, ...")},
    {"base_url", LLMFI_KEY_URL, LLMFI_IN(s.base_url, base_url), 0, 0, LLMFI_DOC("the address before the operation's path")},
    {"api_version", LLMFI_KEY_TEXT, LLMFI_IN(s.api_version, api_version), 0, 0, LLMFI_DOC("the provider's API version")},
    {"deployment", LLMFI_KEY_TEXT, LLMFI_IN_M(s.deployment), 0, 0, LLMFI_DOC("Azure's name of the model")},
    {"region_name", LLMFI_KEY_TEXT, LLMFI_IN(s.region, region), 0, 0, LLMFI_DOC("the cloud's region")},
    {"account", LLMFI_KEY_TEXT, LLMFI_IN(account, account), 0, 0, LLMFI_DOC("for {account} in base_url")},
    {"resource", LLMFI_KEY_TEXT, LLMFI_IN(resource, resource), 0, 0, LLMFI_DOC("for {resource} in base_url")},
    {"headers", LLMFI_KEY_HEADERS, LLMFI_IN(headers, headers), 0, 0, LLMFI_DOC("request headers, by name")},
    {"api_key", LLMFI_KEY_SECRET, LLMFI_IN(api_key, api_key), 0, 0, LLMFI_DOC("the key itself: better in a variable")},
    {"api_key_env_var", LLMFI_KEY_VARIABLE, LLMFI_IN(api_key_env_var, api_key_env_var), 0, 0, LLMFI_DOC("the variable that holds the key")},
    {"api_key_secret_name", LLMFI_KEY_TEXT, LLMFI_IN(api_key_secret, api_key_secret), 0, 0, LLMFI_DOC("the key's name in a secret store")},
    {"default_model", LLMFI_KEY_TEXT, LLMFI_IN_P(default_model), 0, 0, LLMFI_DOC("where a name says only the provider")},
    {"default_max_tokens", LLMFI_KEY_INTEGER, LLMFI_IN_P(default_max_tokens), 1, LLMFI_MAX_NUMBER, LLMFI_DOC("where the provider demands a limit")},
    {"embedding_model", LLMFI_KEY_TEXT, LLMFI_IN(embedding_model, embedding_model), 0, 0, LLMFI_DOC("the model for embeddings")},
    {"embedding_batch", LLMFI_KEY_INTEGER, LLMFI_IN_P(embedding_batch), 0, 1000000, LLMFI_DOC("texts in one embedding request")},
    {"quirks", LLMFI_KEY_QUIRKS, LLMFI_IN(s.quirks, quirks), 0, 0, LLMFI_DOC("what differs from the dialect: {name: true}")},
    {"capabilities", LLMFI_KEY_CAN, LLMFI_IN_M(capabilities), 0, 0, LLMFI_DOC("tools images audio files reasoning schema embeddings transcription")},
    {"input_token_cost_usd_per_million", LLMFI_KEY_PRICE, LLMFI_IN_M(price.input), 0, 2e6, LLMFI_DOC("")},
    {"output_token_cost_usd_per_million", LLMFI_KEY_PRICE, LLMFI_IN_M(price.output), 0, 2e6, LLMFI_DOC("")},
    {"cache_read_token_cost_usd_per_million", LLMFI_KEY_PRICE, LLMFI_IN_M(price.cache_read), 0, 2e6, LLMFI_DOC("")},
    {"cache_write_token_cost_usd_per_million", LLMFI_KEY_PRICE, LLMFI_IN_M(price.cache_write), 0, 2e6, LLMFI_DOC("kept for five minutes")},
    {"cache_write_1h_token_cost_usd_per_million", LLMFI_KEY_PRICE, LLMFI_IN_M(price.cache_write_1h), 0, 2e6, LLMFI_DOC("kept for an hour")},
    {"cache_read_input_token_cost_usd_per_million", LLMFI_KEY_PRICE, LLMFI_IN_M(price.cache_read), 0, 2e6, LLMFI_DOC("the same as cache_read_token_cost_usd_per_million")},
    {"cache_write_input_token_cost_usd_per_million", LLMFI_KEY_PRICE, LLMFI_IN_M(price.cache_write), 0, 2e6, LLMFI_DOC("the same as cache_write_token_cost_usd_per_million")},
    {"max_tokens", LLMFI_KEY_INTEGER, LLMFI_IN_M(max_tokens), 1, LLMFI_MAX_NUMBER, LLMFI_DOC("of an answer")},
    {"context_window", LLMFI_KEY_INTEGER, LLMFI_IN_M(s.context_window), 1, LLMFI_MAX_NUMBER, LLMFI_DOC("tokens of prompt and answer")},
    {"max_output_tokens", LLMFI_KEY_INTEGER, LLMFI_IN_M(s.max_output), 1, LLMFI_MAX_NUMBER, LLMFI_DOC("the most that the model can answer")},
    {"num_ctx", LLMFI_KEY_INTEGER, LLMFI_IN_M(s.num_ctx), 1, LLMFI_MAX_NUMBER, LLMFI_DOC("Ollama: the window to load the model with")},
    {"temperature", LLMFI_KEY_NUMBER, LLMFI_IN_M(temperature), 0, 2, LLMFI_DOC("")},
    {"top_p", LLMFI_KEY_NUMBER, LLMFI_IN_M(top_p), 0, 1, LLMFI_DOC("")},
    {"stop", LLMFI_KEY_TEXTS, LLMFI_IN_M(stop), 0, 0, LLMFI_DOC("one text or a list")},
    {"reasoning_effort", LLMFI_KEY_REASONING, LLMFI_IN_M(reasoning), 1, 1e9, LLMFI_DOC("none minimal low medium high xhigh max, or a number of tokens")},
    {"prompt_prefix", LLMFI_KEY_TEXT, LLMFI_IN_M(prompt_prefix), 0, 0, LLMFI_DOC("before the newest user message")},
    {"prompt_suffix", LLMFI_KEY_TEXT, LLMFI_IN_M(prompt_suffix), 0, 0, LLMFI_DOC("behind it")},
    {"extra", LLMFI_KEY_OBJECT, LLMFI_IN_M(s.extra), 0, 0, LLMFI_DOC("members laid into the request's body")},
    {"fallbacks", LLMFI_KEY_NAMES, LLMFI_IN_M(fallbacks), 0, 0, LLMFI_DOC("names to try next")},
    {"timeout", LLMFI_KEY_TIME, LLMFI_IN(timeouts.total_ms, timeouts.total_ms), 0, 0, LLMFI_DOC("the same as timeout_total")},
    {"timeout_connect", LLMFI_KEY_TIME, LLMFI_IN(timeouts.connect_ms, timeouts.connect_ms), 0, 0, LLMFI_DOC("30s, 500ms, 2m, none; a bare number is seconds")},
    {"timeout_first_byte", LLMFI_KEY_TIME, LLMFI_IN(timeouts.first_byte_ms, timeouts.first_byte_ms), 0, 0, LLMFI_DOC("")},
    {"timeout_first_content", LLMFI_KEY_TIME, LLMFI_IN(timeouts.first_content_ms, timeouts.first_content_ms), 0, 0, LLMFI_DOC("")},
    {"timeout_idle", LLMFI_KEY_TIME, LLMFI_IN(timeouts.idle_ms, timeouts.idle_ms), 0, 0, LLMFI_DOC("")},
    {"timeout_total", LLMFI_KEY_TIME, LLMFI_IN(timeouts.total_ms, timeouts.total_ms), 0, 0, LLMFI_DOC("")},
    {"max_retries", LLMFI_KEY_INTEGER, LLMFI_IN(max_retries, max_retries), 0, 100, LLMFI_DOC("")},
    {"rpm", LLMFI_KEY_INTEGER, LLMFI_IN(rpm, rpm), 1, LLMFI_MAX_NUMBER, LLMFI_DOC("requests a minute")},
    {"tpm", LLMFI_KEY_INTEGER, LLMFI_IN(tpm, tpm), 1, LLMFI_MAX_NUMBER, LLMFI_DOC("tokens a minute")},
    {"weight", LLMFI_KEY_NUMBER, LLMFI_IN_M(weight), 0, 1e6, LLMFI_DOC("share among the routes")},
    {"budget_usd", LLMFI_KEY_USD, LLMFI_IN_M(budget_pico), 0, 9e6, LLMFI_DOC("the most to spend")},
    {"use_cases", LLMFI_KEY_ANY, LLMFI_IN_M(use_cases), 0, 0, LLMFI_DOC("for the router")},
    {"quality", LLMFI_KEY_ANY, LLMFI_IN_M(quality), 0, 0, LLMFI_DOC("for the router")},
};

/* Which kind of entry a key stands in. */
enum { LLMFI_OF_MODEL, LLMFI_OF_PROVIDER };

static uint16_t llmfi_key_place(const llmfi_key *key, int of) {
    return of == LLMFI_OF_MODEL ? key->model : key->provider;
}

/* The key of this name in that kind of entry, or NULL. */
LLMFI_UNUSED static const llmfi_key *llmfi_find_key(llmf_str name, int of) {
    size_t i;
    for (i = 0; i < LLMFI_COUNT(llmfi_keys); i++)
        if (llmfi_key_place(&llmfi_keys[i], of) != LLMFI_KEY_NONE && llmfi_eq(name, llmfi_cstr(llmfi_keys[i].name))) return &llmfi_keys[i];
    return NULL;
}

/* Milliseconds of "500ms", "30s", "2m", "none" or a bare number of seconds; false: none of these, or not above 0. */
LLMFI_UNUSED static bool llmfi_parse_time(llmf_str s, int64_t *ms) {
    int64_t unit = 1000, value;
    if (LLMFI_IS(s, "none")) {
        *ms = -1;
        return true;
    }
    if (llmfi_ends(s, LLMFI_LIT("ms"))) {
        unit = 1;
        s.len -= 2;
    } else if (llmfi_ends(s, LLMFI_LIT("s"))) {
        s.len -= 1;
    } else if (llmfi_ends(s, LLMFI_LIT("m"))) {
        unit = 60000;
        s.len -= 1;
    }
    if (!llmfi_parse_fixed(llmfi_trim(s), 3, &value) || value <= 0 || value > INT64_C(31536000000000)) return false;
    *ms = value > INT64_MAX / unit ? INT64_MAX : value * unit / 1000;
    return *ms > 0;
}

/* Words of the key `capabilities`. */
LLMFI_UNUSED static uint32_t llmfi_capability(llmf_str word) {
    static const struct {
        const char *word;
        uint32_t can;
    } words[] = {{"tools", LLMF_CAN_TOOLS},   {"images", LLMF_CAN_IMAGES}, {"audio", LLMF_CAN_AUDIO},      {"files", LLMF_CAN_FILES},
                 {"reasoning", LLMF_CAN_REASON}, {"schema", LLMF_CAN_SCHEMA}, {"embeddings", LLMF_CAN_EMBED}, {"transcription", LLMF_CAN_TRANSCRIBE}};
    size_t i;
    for (i = 0; i < LLMFI_COUNT(words); i++)
        if (llmfi_eq(word, llmfi_cstr(words[i].word))) return words[i].can;
    return 0;
}

/* ---- from a checked entry into a record or provider ---- */

static void llmfi_apply_quirks(const llmfi_node *n, uint32_t *quirks) {
    const llmfi_node *q;
    for (q = n->child; q; q = q->next) {
        uint32_t bit = llmfi_quirk_bit(n->type == LLMFI_OBJECT ? q->key : q->text);
        if (n->type == LLMFI_OBJECT && q->type == LLMFI_FALSE) *quirks &= ~bit;
        else *quirks |= bit;
    }
}

static void llmfi_apply_number(const llmfi_node *n, double *to) {
    double value = 0;
    llmfi_parse_double(n->text, &value);
    *to = value == 0 ? LLMF_ZERO : value;
}

/* Writes one checked value to where its key says. Null takes nothing away: it leaves what an earlier source gave. */
static void llmfi_apply_value(const llmfi_key *key, const llmfi_node *n, char *to) {
    const llmfi_node *item;
    switch (key->type) {
    case LLMFI_KEY_TEXT: case LLMFI_KEY_SECRET: case LLMFI_KEY_VARIABLE: case LLMFI_KEY_URL: case LLMFI_KEY_REASONING: case LLMFI_KEY_DIALECT:
        *(llmf_str *)(void *)to = n->text;
        break;
    case LLMFI_KEY_AUTH: *(int *)(void *)to = llmfi_find_auth(n->text); break;
    case LLMFI_KEY_INTEGER: llmfi_parse_whole(n->text, (int64_t *)(void *)to); break;
    case LLMFI_KEY_NUMBER: llmfi_apply_number(n, (double *)(void *)to); break;
    case LLMFI_KEY_PRICE: llmfi_parse_pico(n->text, (int64_t *)(void *)to); break;
    case LLMFI_KEY_USD: llmfi_parse_fixed(n->text, 12, (int64_t *)(void *)to); break;
    case LLMFI_KEY_TIME: llmfi_parse_time(n->text, (int64_t *)(void *)to); break;
    case LLMFI_KEY_QUIRKS: llmfi_apply_quirks(n, (uint32_t *)(void *)to); break;
    case LLMFI_KEY_CAN:
        *(uint32_t *)(void *)to = 0;
        for (item = n->child; item; item = item->next) *(uint32_t *)(void *)to |= llmfi_capability(item->text);
        break;
    default: *(const llmfi_node **)(void *)to = n; break;
    }
}

/* Writes all values of an entry. Returns whether a price was among them. */
LLMFI_UNUSED static bool llmfi_apply(const llmfi_node *entry, int of, void *to) {
    const llmfi_node *n;
    bool priced = false;
    for (n = entry ? entry->child : NULL; n; n = n->next) {
        const llmfi_key *key = llmfi_find_key(n->key, of);
        if (!key || llmfi_key_place(key, of) == LLMFI_KEY_APART || n->type == LLMFI_NULL) continue;
        llmfi_apply_value(key, n, (char *)to + llmfi_key_place(key, of));
        if (key->type == LLMFI_KEY_PRICE) priced = true;
    }
    return priced;
}

#endif

/* A value that names something which may come in a later file: looked up when all is read. */
typedef struct llmfi_reference {
    llmf_str file;
    const llmfi_node *node;
    bool model;                              /* of a model; else of a provider */
    bool secret;                             /* its text came from a variable: not repeated in a message */
    struct llmfi_reference *next;
} llmfi_reference;

/* The reading of one text. */
typedef struct llmfi_check {
    llmfi_arena *arena;
    const llmfi_env *env;
    llmfi_report *report;
    llmf_str file;                           /* as messages name it */
    llmfi_reference **references;            /* end of the list; NULL: nobody looks them up */
} llmfi_check;

/* ---- problems ---- */

static llmfi_text llmfi_check_begin(const llmfi_check *c, llmf_error *err, const llmfi_node *n) {
    return llmfi_report_begin(err, c->file, n->line, n->column, false);
}

static llmfi_text llmfi_check_begin_key(const llmfi_check *c, llmf_error *err, const llmfi_node *n) {
    return llmfi_report_begin(err, c->file, n->key_line, n->key_column, false);
}

/* "max_tokens: `what`", at the value. */
static bool llmfi_check_bad(const llmfi_check *c, const llmfi_node *n, const char *key, const char *what) {
    llmf_error err;
    llmfi_text t = llmfi_check_begin(c, &err, n);
    llmfi_say_c(&t, key);
    LLMFI_SAY(&t, " ");
    llmfi_say_c(&t, what);
    llmfi_report_end(c->report, &err, false);
    return false;
}

static void llmfi_check_unknown(const llmfi_check *c, const llmfi_node *n, const char *kind, const llmfi_nearest *near_names) {
    llmf_error err;
    llmfi_text t = llmfi_check_begin_key(c, &err, n);
    LLMFI_SAY(&t, "unknown ");
    llmfi_say_c(&t, kind);
    LLMFI_SAY(&t, " ");
    llmfi_say(&t, n->key);
    llmfi_nearest_say(near_names, &t);
    if (!near_names->count) LLMFI_SAY(&t, "; remove it, or look at the list of keys in the manual");
    llmfi_report_end(c->report, &err, false);
}

/* ---- variables ---- */

/* What stands between ${ and }. */
typedef struct llmfi_hole {
    llmf_str name, otherwise;
    bool has_otherwise;
    size_t end;                              /* behind the } */
} llmfi_hole;

/* The hole that begins at byte `at`; what is wrong with it, or NULL. */
static const char *llmfi_read_hole(llmf_str text, size_t at, llmfi_hole *h) {
    llmf_str in;
    size_t close = llmfi_find_char(llmfi_from(text, at), '}'), n = 0;
    memset(h, 0, sizeof *h);
    if (close == LLMFI_NOWHERE) return "${ without a }; close it, or write $${ for the characters themselves";
    in = llmfi_str(text.ptr + at + 2, close - 2);
    h->end = at + close + 1;
    while (n < in.len && llmfi_is_variable_char(in.ptr[n], n == 0)) n++;
    h->name = llmfi_str(in.ptr, n);
    in = llmfi_from(in, n);
    h->has_otherwise = llmfi_starts(in, LLMFI_LIT(":-"));
    if (h->has_otherwise) h->otherwise = llmfi_from(in, 2);
    if (!llmfi_is_variable(h->name) || (in.len && !h->has_otherwise)) return "${...} must be ${NAME} or ${NAME:-default}; write $${ for the characters themselves";
    return NULL;
}

static bool llmfi_has_hole(llmf_str s) {
    size_t i;
    for (i = 0; i + 1 < s.len; i++)
        if (s.ptr[i] == '$' && s.ptr[i + 1] == '{') return true;
    return false;
}

static bool llmfi_hole_missing(const llmfi_check *c, const llmfi_node *n, llmf_str name) {
    llmf_error err;
    llmfi_text t = llmfi_check_begin(c, &err, n);
    LLMFI_SAY(&t, "the variable ");
    llmfi_say(&t, name);
    LLMFI_SAY(&t, " is not set; set it, or write ${");
    llmfi_say(&t, name);
    LLMFI_SAY(&t, ":-default}");
    llmfi_report_end(c->report, &err, false);
    return false;
}

/* Writes the text with its holes filled to `to` (NULL: measures only). The length, or LLMFI_NOWHERE where a problem was reported. */
static size_t llmfi_fill_holes(const llmfi_check *c, const llmfi_node *n, char *to) {
    size_t at = 0, len = 0;
    while (at < n->text.len) {
        llmf_str piece = llmfi_str(n->text.ptr + at, 1);
        llmfi_hole h;
        if (llmfi_starts(llmfi_from(n->text, at), LLMFI_LIT("$${"))) {
            piece = LLMFI_LIT("${");
            at += 3;
        } else if (llmfi_starts(llmfi_from(n->text, at), LLMFI_LIT("${"))) {
            const char *what = llmfi_read_hole(n->text, at, &h);
            if (what) {
                llmfi_report_at(c->report, c->file, n->line, n->column, what);
                return LLMFI_NOWHERE;
            }
            piece = llmfi_env_get(c->env, h.name);
            if (h.has_otherwise && !piece.len) piece = h.otherwise;
            if (!piece.ptr) {
                llmfi_hole_missing(c, n, h.name);
                return LLMFI_NOWHERE;
            }
            at = h.end;
        } else {
            at++;
        }
        if (to && piece.len) memcpy(to + len, piece.ptr, piece.len);
        len += piece.len;
    }
    return len;
}

/* Expands one text in place. *from_variable is set where a variable's value is now in it. False: a problem was reported, or memory was refused. */
static bool llmfi_expand_one(const llmfi_check *c, llmfi_node *n, bool *from_variable) {
    size_t len, bad;
    char *to;
    if (n->type != LLMFI_STRING || !llmfi_has_hole(n->text)) return true;
    len = llmfi_fill_holes(c, n, NULL);
    if (len == LLMFI_NOWHERE) return false;
    to = (char *)llmfi_arena_alloc(c->arena, len + 1);
    if (!to) return false;
    llmfi_fill_holes(c, n, to);
    *from_variable = true;
    n->text = llmfi_str(to, len);
    if (llmfi_utf8_valid(n->text, &bad)) return true;
    llmfi_report_at(c->report, c->file, n->line, n->column, "a variable named here is not valid UTF-8; set it again");
    return false;
}

/* The same for all texts below. The reader has bounded the depth by LLMF_MAX_DEPTH. */
static bool llmfi_expand(const llmfi_check *c, llmfi_node *n, bool *from_variable) {
    llmfi_node *child;
    bool ok = llmfi_expand_one(c, n, from_variable);
    for (child = n->child; child; child = child->next)
        if (!llmfi_expand(c, child, from_variable)) ok = false;
    return ok;
}

/* ---- values ---- */

static bool llmfi_is_array_of_texts(const llmfi_node *n) {
    const llmfi_node *item;
    if (n->type != LLMFI_ARRAY) return false;
    for (item = n->child; item; item = item->next)
        if (item->type != LLMFI_STRING) return false;
    return true;
}

/* One text where a list may stand becomes a list of one. */
static bool llmfi_make_array(const llmfi_check *c, llmfi_node *n) {
    llmfi_node *item;
    if (n->type != LLMFI_STRING) return true;
    item = (llmfi_node *)llmfi_arena_alloc(c->arena, sizeof *item);
    if (!item) return false;
    *item = *n;
    item->next = NULL;
    item->key = llmfi_str(NULL, 0);
    n->type = LLMFI_ARRAY;
    n->child = item;
    n->count = 1;
    return true;
}

static void llmfi_say_number(llmfi_text *t, double v) {
    char digits[LLMFI_DOUBLE_TEXT];
    if (v == (double)(int64_t)v) llmfi_say_int(t, (int64_t)v);
    else llmfi_say(t, llmfi_str(digits, llmfi_print_double(digits, v)));
}

/* "max_tokens must be a whole number of at least 1". */
static bool llmfi_check_range(const llmfi_check *c, const llmfi_key *key, const llmfi_node *n, const char *what) {
    llmf_error err;
    llmfi_text t = llmfi_check_begin(c, &err, n);
    llmfi_say_c(&t, key->name);
    LLMFI_SAY(&t, " must be ");
    llmfi_say_c(&t, what);
    if (key->most < 1e8) {
        LLMFI_SAY(&t, " from ");
        llmfi_say_number(&t, key->least);
        LLMFI_SAY(&t, " to ");
        llmfi_say_number(&t, key->most);
    } else {
        LLMFI_SAY(&t, " of at least ");
        llmfi_say_number(&t, key->least);
    }
    llmfi_report_end(c->report, &err, false);
    return false;
}

static bool llmfi_check_number(const llmfi_check *c, const llmfi_key *key, const llmfi_node *n) {
    double value = 0;
    int64_t whole;
    bool number = n->type == LLMFI_NUMBER && llmfi_parse_double(n->text, &value) && value >= key->least && value <= key->most;
    switch (key->type) {
    case LLMFI_KEY_INTEGER: return (number && llmfi_parse_whole(n->text, &whole)) || llmfi_check_range(c, key, n, "a whole number");
    case LLMFI_KEY_NUMBER: return number || llmfi_check_range(c, key, n, "a number");
    case LLMFI_KEY_PRICE:
        if (!number) return llmfi_check_range(c, key, n, "a number");
        return llmfi_parse_pico(n->text, &whole) || llmfi_check_bad(c, n, key->name, "has more than six decimals; it is US dollars per million tokens");
    default: /* LLMFI_KEY_USD */
        if (!number) return llmfi_check_range(c, key, n, "a number");
        return llmfi_parse_fixed(n->text, 12, &whole) || llmfi_check_bad(c, n, key->name, "has more than twelve decimals; round it");
    }
}

static bool llmfi_check_text(const llmfi_check *c, const llmfi_key *key, const llmfi_node *n) {
    if (n->type == LLMFI_NUMBER || n->type == LLMFI_TRUE || n->type == LLMFI_FALSE) return llmfi_check_bad(c, n, key->name, "must be a text; put it in quotes");
    if (n->type != LLMFI_STRING) return llmfi_check_bad(c, n, key->name, "must be a text, not a list or mapping");
    if (memchr(n->text.ptr, '\0', n->text.len)) return llmfi_check_bad(c, n, key->name, "holds a NUL; remove it");
    return true;
}

static bool llmfi_check_filled(const llmfi_check *c, const llmfi_key *key, const llmfi_node *n) {
    if (!llmfi_check_text(c, key, n)) return false;
    return llmfi_trim(n->text).len == n->text.len && n->text.len ? true
           : n->text.len ? llmfi_check_bad(c, n, key->name, "begins or ends with a blank; remove it")
                         : llmfi_check_bad(c, n, key->name, "is empty; give it a value, or remove the key");
}

/* What is wrong with a base URL, which may hold {region} and its like; NULL: nothing. */
LLMFI_UNUSED static const char *llmfi_url_problem(llmf_str url) {
    char text[1024];
    size_t i, n = 0;
    bool in = false;
    llmfi_url parsed;
    llmfi_url_error why;
    if (url.len >= sizeof text) return "is longer than 1023 bytes; shorten it";
    for (i = 0; i < url.len; i++) {
        if (url.ptr[i] == '{') in = true;
        else if (!in) text[n++] = url.ptr[i];
        if (url.ptr[i] != '}') continue;
        if (!in) return "has a } without a {";
        in = false;
        text[n++] = 'x';
    }
    if (in) return "has a { without a }";
    memset(&why, 0, sizeof why);
    if (!llmfi_url_parse(llmfi_str(text, n), &parsed, &why)) return why.what;
    if (llmfi_eq_nocase(parsed.scheme, LLMFI_LIT("https")) || llmfi_eq_nocase(parsed.scheme, LLMFI_LIT("http")) || llmfi_eq_nocase(parsed.scheme, LLMFI_LIT("mock")))
        return NULL;
    return "must begin with https:// or http://";
}

static bool llmfi_check_url(const llmfi_check *c, const llmfi_key *key, llmfi_node *n) {
    const char *what;
    llmf_error err;
    llmfi_text t;
    if (!llmfi_check_filled(c, key, n)) return false;
    what = llmfi_url_problem(n->text);
    if (!what) return true;
    t = llmfi_check_begin(c, &err, n);
    llmfi_say_c(&t, key->name);
    LLMFI_SAY(&t, ": ");
    llmfi_say_c(&t, what);
    LLMFI_SAY(&t, "; write it as https://host/path");
    llmfi_report_end(c->report, &err, false);
    return false;
}

static bool llmfi_reasoning_word(llmf_str s) {
    static const char *const words[] = {"none", "minimal", "low", "medium", "high", "xhigh", "max"};
    size_t i;
    for (i = 0; i < LLMFI_COUNT(words); i++)
        if (llmfi_eq(s, llmfi_cstr(words[i]))) return true;
    return false;
}

/* A number becomes "N tokens", as llmf_request has it. */
static bool llmfi_check_reasoning(const llmfi_check *c, const llmfi_key *key, llmfi_node *n) {
    static const char what[] = "must be none, minimal, low, medium, high, xhigh, max or a number of tokens";
    llmf_str s = n->text, tail = LLMFI_LIT(" tokens");
    int64_t tokens;
    char text[LLMFI_INT_TEXT + 8];
    size_t len;
    if (n->type == LLMFI_NULL || n->type == LLMFI_FALSE) s = LLMFI_LIT("none"); /* YAML's other spellings of it */
    else if (n->type != LLMFI_STRING && n->type != LLMFI_NUMBER) return llmfi_check_bad(c, n, key->name, what);
    if (llmfi_reasoning_word(s)) {
        n->type = LLMFI_STRING;
        n->text = llmfi_arena_copy(c->arena, s);
        return true;
    }
    if (llmfi_ends(s, tail)) s.len -= tail.len;
    if (!llmfi_parse_whole(s, &tokens) || tokens < 1 || tokens > 1000000000) return llmfi_check_bad(c, n, key->name, what);
    len = llmfi_print_int(text, tokens);
    memcpy(text + len, tail.ptr, tail.len);
    n->type = LLMFI_STRING;
    n->text = llmfi_arena_copy(c->arena, llmfi_str(text, len + tail.len));
    return true;
}

static bool llmfi_check_time(const llmfi_check *c, const llmfi_key *key, llmfi_node *n) {
    int64_t ms;
    if ((n->type == LLMFI_STRING || n->type == LLMFI_NUMBER) && llmfi_parse_time(n->text, &ms)) return true;
    return llmfi_check_bad(c, n, key->name, "must be a time above 0 such as 30s, 500ms or 2m (a bare number is seconds), or none");
}

static bool llmfi_check_texts(const llmfi_check *c, const llmfi_key *key, llmfi_node *n) {
    const llmfi_node *item;
    if (!llmfi_make_array(c, n)) return false;
    if (!llmfi_is_array_of_texts(n)) return llmfi_check_bad(c, n, key->name, "must be a text or a list of texts");
    for (item = n->child; item; item = item->next)
        if (!item->text.len || memchr(item->text.ptr, '\0', item->text.len)) return llmfi_check_bad(c, item, key->name, "has a text that is empty or holds a NUL; remove it");
    return true;
}

static bool llmfi_refer(const llmfi_check *c, const llmfi_node *n, bool model, bool secret) {
    llmfi_reference *r, **end = c->references;
    if (!end) return true;
    r = (llmfi_reference *)llmfi_arena_alloc(c->arena, sizeof *r);
    if (!r) return false;
    r->file = c->file;
    r->node = n;
    r->model = model;
    r->secret = secret;
    while (*end) end = &(*end)->next;
    *end = r;
    return true;
}

static bool llmfi_check_names(const llmfi_check *c, const llmfi_key *key, llmfi_node *n, bool secret) {
    const llmfi_node *item;
    bool ok = llmfi_check_texts(c, key, n);
    for (item = ok ? n->child : NULL; item; item = item->next)
        if (!llmfi_refer(c, item, true, secret)) ok = false;
    return ok;
}

static bool llmfi_check_headers(const llmfi_check *c, const llmfi_key *key, llmfi_node *n) {
    static const char *const ours[] = {"host", "content-length", "content-type", "transfer-encoding", "connection"};
    llmfi_node *h;
    size_t i;
    bool ok = true;
    if (n->type != LLMFI_OBJECT) return llmfi_check_bad(c, n, key->name, "must be a mapping of header names to texts");
    for (h = n->child; h; h = h->next) {
        if (h->type != LLMFI_STRING) ok = llmfi_check_bad(c, h, key->name, "has a value that is not a text; put it in quotes");
        else if (llmfi_header_bad_name(h->key) != LLMFI_NOWHERE) ok = llmfi_check_bad(c, h, key->name, "has a name with a character that no header has");
        else if (llmfi_header_bad_value(h->text) != LLMFI_NOWHERE) ok = llmfi_check_bad(c, h, key->name, "has a value with a line break or control character; remove it");
        for (i = 0; i < LLMFI_COUNT(ours); i++)
            if (llmfi_eq_nocase(h->key, llmfi_cstr(ours[i]))) ok = llmfi_check_bad(c, h, key->name, "has a header that the library sets itself; remove it");
    }
    return ok;
}

static bool llmfi_check_quirks(const llmfi_check *c, const llmfi_key *key, llmfi_node *n, bool secret) {
    const llmfi_node *q;
    bool ok = llmfi_make_array(c, n);
    size_t i;
    if (n->type != LLMFI_OBJECT && !llmfi_is_array_of_texts(n)) return llmfi_check_bad(c, n, key->name, "must be a list of names, or a mapping of names to true or false");
    for (q = n->child; q; q = q->next) {
        llmf_error err;
        llmfi_text t;
        llmfi_nearest near_names;
        llmf_str name = n->type == LLMFI_OBJECT ? q->key : q->text;
        if (n->type == LLMFI_OBJECT && q->type != LLMFI_TRUE && q->type != LLMFI_FALSE) ok = llmfi_check_bad(c, q, key->name, "has a value that is not true or false");
        if (llmfi_quirk_bit(name)) continue;
        near_names = llmfi_nearest_to(name);
        for (i = 0; i < LLMFI_COUNT(llmfi_quirk_rows); i++) llmfi_nearest_try(&near_names, llmfi_cstr(llmfi_quirk_rows[i].name));
        t = n->type == LLMFI_OBJECT ? llmfi_check_begin_key(c, &err, q) : llmfi_check_begin(c, &err, q);
        LLMFI_SAY(&t, "unknown quirk ");
        llmfi_say(&t, secret ? LLMFI_LIT("(from a variable)") : name);
        llmfi_nearest_say(&near_names, &t);
        llmfi_report_end(c->report, &err, false);
        ok = false;
    }
    return ok;
}

static bool llmfi_check_can(const llmfi_check *c, const llmfi_key *key, llmfi_node *n) {
    const llmfi_node *item;
    if (!llmfi_check_texts(c, key, n)) return false;
    for (item = n->child; item; item = item->next)
        if (!llmfi_capability(item->text))
            return llmfi_check_bad(c, item, key->name, "must be of: tools, images, audio, files, reasoning, schema, embeddings, transcription");
    return true;
}

static bool llmfi_check_any(const llmfi_check *c, const llmfi_key *key, const llmfi_node *n) {
    const llmfi_node *item;
    bool ok = n->type != LLMFI_OBJECT;
    for (item = ok ? n->child : NULL; item; item = item->next)
        if (item->type == LLMFI_OBJECT || item->type == LLMFI_ARRAY) ok = false;
    return ok || llmfi_check_bad(c, n, key->name, "must be a word, a number or a list of them");
}

static bool llmfi_check_auth(const llmfi_check *c, const llmfi_key *key, const llmfi_node *n) {
    if (!llmfi_check_text(c, key, n)) return false;
    return llmfi_find_auth(n->text) >= 0 || llmfi_check_bad(c, n, key->name, "must be one of: none, bearer, x-api-key, api-key, x-goog-api-key, x-portkey-api-key, aws");
}

/* A dialect that a program registers is not known here: only what looks like a slip is refused. */
static bool llmfi_check_dialect(const llmfi_check *c, const llmfi_key *key, llmfi_node *n, bool secret) {
    llmf_error err;
    llmfi_text t;
    llmfi_nearest near_names;
    int row, i;
    if (!llmfi_check_filled(c, key, n)) return false;
    row = llmfi_find_dialect_row(n->text);
    if (row >= 0) {
        n->text = llmfi_cstr(llmfi_dialect_rows[row].name);
        return true;
    }
    near_names = llmfi_nearest_to(n->text);
    for (i = 0; i < LLMFI_DIALECT_COUNT; i++) llmfi_nearest_try(&near_names, llmfi_cstr(llmfi_dialect_rows[i].name));
    t = llmfi_report_begin(&err, c->file, n->line, n->column, near_names.count == 0);
    LLMFI_SAY(&t, "unknown dialect");
    if (!secret) {
        LLMFI_SAY(&t, " ");
        llmfi_say(&t, n->text);
    }
    llmfi_nearest_say(&near_names, &t);
    if (!near_names.count) LLMFI_SAY(&t, "; it must be registered with llmf_register_dialect before the provider is used");
    llmfi_report_end(c->report, &err, near_names.count == 0);
    return near_names.count == 0;
}

static bool llmfi_check_secret(const llmfi_check *c, const llmfi_key *key, const llmfi_node *n, bool from_variable) {
    llmf_error err;
    llmfi_text t;
    if (!llmfi_check_filled(c, key, n)) return false;
    if (llmfi_header_bad_value(n->text) != LLMFI_NOWHERE) return llmfi_check_bad(c, n, key->name, "holds a line break or control character; look at how it is stored");
    if (from_variable) return true;
    t = llmfi_report_begin(&err, c->file, n->line, n->column, true);
    LLMFI_SAY(&t, "api_key stands in the file as it is; never share this file; better name a variable: api_key_env_var, or api_key: ${NAME}");
    llmfi_report_end(c->report, &err, true);
    return true;
}

/* A value that came from a variable is a text: where a number or a truth value is wanted, it is read as one. */
static void llmfi_retype(const llmfi_key *key, llmfi_node *n) {
    double number;
    bool numeric = key->type == LLMFI_KEY_INTEGER || key->type == LLMFI_KEY_NUMBER || key->type == LLMFI_KEY_PRICE || key->type == LLMFI_KEY_USD;
    if (numeric && n->type == LLMFI_STRING && llmfi_parse_double(n->text, &number)) n->type = LLMFI_NUMBER;
}

static bool llmfi_check_value(const llmfi_check *c, const llmfi_key *key, llmfi_node *n) {
    bool from_variable = false;
    if (!llmfi_expand(c, n, &from_variable)) return false;
    if (from_variable) llmfi_retype(key, n);
    if (n->type == LLMFI_NULL && key->type != LLMFI_KEY_REASONING) return true;
    switch (key->type) {
    case LLMFI_KEY_TEXT: return key->model == LLMFI_KEY_APART ? llmfi_check_filled(c, key, n) : llmfi_check_text(c, key, n);
    case LLMFI_KEY_MODEL: return llmfi_check_filled(c, key, n);
    case LLMFI_KEY_PROVIDER: return llmfi_check_filled(c, key, n) && llmfi_refer(c, n, false, from_variable);
    case LLMFI_KEY_SECRET: return llmfi_check_secret(c, key, n, from_variable);
    case LLMFI_KEY_VARIABLE:
        if (!llmfi_check_text(c, key, n)) return false;
        return llmfi_is_variable(n->text) || llmfi_check_bad(c, n, key->name, "must be the name of a variable (letters, digits and _), not the key itself");
    case LLMFI_KEY_URL: return llmfi_check_url(c, key, n);
    case LLMFI_KEY_REASONING: return llmfi_check_reasoning(c, key, n);
    case LLMFI_KEY_DIALECT: return llmfi_check_dialect(c, key, n, from_variable);
    case LLMFI_KEY_AUTH: return llmfi_check_auth(c, key, n);
    case LLMFI_KEY_TIME: return llmfi_check_time(c, key, n);
    case LLMFI_KEY_TEXTS: return llmfi_check_texts(c, key, n);
    case LLMFI_KEY_NAMES: return llmfi_check_names(c, key, n, from_variable);
    case LLMFI_KEY_HEADERS: return llmfi_check_headers(c, key, n);
    case LLMFI_KEY_OBJECT: return n->type == LLMFI_OBJECT || llmfi_check_bad(c, n, key->name, "must be a mapping");
    case LLMFI_KEY_ANY: return llmfi_check_any(c, key, n);
    case LLMFI_KEY_QUIRKS: return llmfi_check_quirks(c, key, n, from_variable);
    case LLMFI_KEY_CAN: return llmfi_check_can(c, key, n);
    default: return llmfi_check_number(c, key, n);
    }
}

/* ---- entries ---- */

static void llmfi_unknown_key(const llmfi_check *c, const llmfi_node *n, int of, const char *const *more, size_t more_count) {
    llmfi_nearest near_names = llmfi_nearest_to(n->key);
    size_t i;
    if (llmfi_find_key(n->key, of == LLMFI_OF_MODEL ? LLMFI_OF_PROVIDER : LLMFI_OF_MODEL)) {
        llmf_error err;
        llmfi_text t = llmfi_check_begin_key(c, &err, n);
        LLMFI_SAY(&t, "the key ");
        llmfi_say(&t, n->key);
        llmfi_say(&t, of == LLMFI_OF_MODEL ? LLMFI_LIT(" belongs to a provider; put it into an entry of providers") : LLMFI_LIT(" belongs to a model; put it into an entry of models"));
        llmfi_report_end(c->report, &err, false);
        return;
    }
    for (i = 0; i < LLMFI_COUNT(llmfi_keys); i++)
        if (llmfi_key_place(&llmfi_keys[i], of) != LLMFI_KEY_NONE) llmfi_nearest_try(&near_names, llmfi_cstr(llmfi_keys[i].name));
    for (i = 0; i < more_count; i++) llmfi_nearest_try(&near_names, llmfi_cstr(more[i]));
    llmfi_check_unknown(c, n, "key", &near_names);
}

/* Checks a model's or provider's entry. A member that is wrong is taken out, so that what stays can be used. `more`: names of keys that are no keys of
   it but might have been meant. False: something was wrong. */
LLMFI_UNUSED static bool llmfi_check_entry(const llmfi_check *c, llmfi_node *entry, int of, const char *const *more, size_t more_count) {
    llmfi_node **link;
    bool ok = true;
    if (entry->type != LLMFI_OBJECT) return llmfi_check_bad(c, entry, "an entry", of == LLMFI_OF_MODEL ? "must be a mapping with the keys of a model" : "must be a mapping with the keys of a provider");
    for (link = &entry->child; *link;) {
        const llmfi_key *key = llmfi_find_key((*link)->key, of);
        if (!key) llmfi_unknown_key(c, *link, of, more, more_count);
        if (key && llmfi_check_value(c, key, *link)) {
            link = &(*link)->next;
            continue;
        }
        ok = false;
        *link = (*link)->next;
        entry->count--;
    }
    return ok;
}

#endif
/* A config generation, and what a name means in it. A generation is counted: whoever holds one keeps its texts. */
#ifndef LLMFI_FACTORY_RESOLVE_H
#define LLMFI_FACTORY_RESOLVE_H

/* A model of the config: its members are those of all sources, later ones over earlier ones. */
typedef struct llmfi_entry {
    llmf_str key, file;                      /* file: the last that spoke of it */
    llmf_str name;                           /* its key `name`; empty */
    llmfi_node *node;
    bool broken;                             /* some key was wrong and is not in the node: what misses may be that */
    struct llmfi_entry *next;
} llmfi_entry;

typedef struct llmfi_config {
    llmfi_arena arena;
    llmfi_heap *heap;
    int references;
    const llmf_desc *desc;
    const llmfi_env *env;
    llmfi_entry *models;
    size_t model_count;
    llmfi_provider *providers;               /* of the config first, then the table's that are built in; the others as they are needed */
    llmfi_node *fallbacks, *routes, *budgets, *prompts; /* objects, merged; never NULL */
    llmf_str default_model, default_provider; /* of the files; empty */
} llmfi_config;

/* ---- providers ---- */

LLMFI_UNUSED static llmfi_provider *llmfi_config_provider(const llmfi_config *c, llmf_str name) {
    llmfi_provider *p;
    int row = llmfi_find_provider_row(name);
    for (p = c->providers; p; p = p->next)
        if (llmfi_eq_nocase(p->name, name) || (row >= 0 && p->row == row)) return p;
    return NULL;
}

/* A known name: of the list, or of the table though left out. */
LLMFI_UNUSED static bool llmfi_config_knows(const llmfi_config *c, llmf_str name) {
    return llmfi_config_provider(c, name) || llmfi_find_provider_row(name) >= 0;
}

static void llmfi_nearest_providers(const llmfi_config *c, llmfi_nearest *n) {
    const llmfi_provider *p;
    llmf_str word, aliases;
    int i;
    for (p = c->providers; p; p = p->next) llmfi_nearest_try(n, p->name);
    for (i = 0; i < LLMFI_P_COUNT; i++) {
        llmfi_nearest_try(n, llmfi_cstr(llmfi_provider_rows[i].name));
        for (aliases = llmfi_cstr(llmfi_provider_rows[i].aliases); llmfi_next_word(&aliases, &word);) llmfi_nearest_try(n, word);
    }
}

/* "; known: a b c": those that can be used. `asked`: a question stands before it. */
static void llmfi_say_providers(const llmfi_config *c, llmfi_text *t, bool asked) {
    const llmfi_provider *p;
    llmfi_say(t, asked ? LLMFI_LIT(" Known:") : LLMFI_LIT("; known:"));
    for (p = c->providers; p; p = p->next) {
        if (!p->built) continue;
        LLMFI_SAY(t, " ");
        llmfi_say(t, p->name);
    }
}

LLMFI_UNUSED static bool llmfi_unknown_provider(const llmfi_config *c, llmf_str name, llmfi_text *t) {
    llmfi_nearest near_names = llmfi_nearest_to(name);
    llmfi_nearest_providers(c, &near_names);
    LLMFI_SAY(t, "unknown provider ");
    llmfi_say(t, name);
    llmfi_nearest_say(&near_names, t);
    llmfi_say_providers(c, t, near_names.count > 0);
    return false;
}

/* Why a provider that is known cannot be used, and what to do. */
static void llmfi_say_not_built(llmfi_text *t, llmf_str name, const char *option, bool later) {
    LLMFI_SAY(t, "provider ");
    llmfi_say(t, name);
    if (later) {
        LLMFI_SAY(t, " comes with a later version of llmfactory: take another one until then");
    } else if (option) {
        LLMFI_SAY(t, " is left out of this build: build without LLMF_NO_");
        llmfi_say_c(t, option);
        LLMFI_SAY(t, ", or, with LLMF_ONLY, add LLMF_WITH_");
        llmfi_say_c(t, option);
        LLMFI_SAY(t, "=1");
    } else {
        LLMFI_SAY(t, " speaks a dialect that this build does not have: register it with llmf_register_dialect, or build with a provider of that dialect");
    }
}

/* The provider of a name, ready to be used; NULL with *err: UNKNOWN_PROVIDER or NOT_BUILT. */
static const llmfi_provider *llmfi_config_usable(const llmfi_config *c, llmf_str name, llmf_error *err) {
    const llmfi_provider *p = llmfi_config_provider(c, name);
    int row = llmfi_find_provider_row(name);
    llmfi_text t;
    if (p && (p->built || p->row < 0)) return p; /* a dialect of one's own may be registered by then: who prepares the call looks */
    t = llmfi_error_begin(err, p || row >= 0 ? LLMF_ERR_NOT_BUILT : LLMF_ERR_UNKNOWN_PROVIDER);
    if (p) {
        llmfi_say_not_built(&t, p->name, p->option, p->later);
    } else if (row >= 0) {
        const llmfi_provider_row *r = &llmfi_provider_rows[row];
        llmfi_say_not_built(&t, llmfi_cstr(r->name), r->option, llmfi_dialect_rows[r->dialect].later);
    } else {
        llmfi_unknown_provider(c, name, &t);
    }
    return NULL;
}

/* The program's choice, else the operator's: both outrank a file's. Empty: none. */
static llmf_str llmfi_config_chosen_provider(const llmfi_config *c) {
    llmf_str name = llmfi_trim(llmfi_cstr(c->desc->provider));
    if (!name.len) name = llmfi_env_filled(c->env, LLMFI_LIT("LLM_PROVIDER"));
    if (!name.len) name = llmfi_env_filled(c->env, LLMFI_LIT("LLM_PRIMARY_PROVIDER"));
    return name;
}

/* The provider of names that say none. Empty: none is set. */
LLMFI_UNUSED static llmf_str llmfi_config_default_provider(const llmfi_config *c) {
    llmf_str name = llmfi_config_chosen_provider(c);
    return name.len ? name : c->default_provider;
}

/* ---- records ---- */

static int64_t llmfi_positive(int32_t n) {
    return n > 0 ? n : LLMF_UNKNOWN;
}

static void llmfi_record_facts(llmfi_record *r, const llmfi_model_row *row) {
    const llmfi_tier_row *tier = llmfi_find_tier_row(row);
    r->from_table = true;
    r->s.context_window = llmfi_positive(row->context);
    r->s.max_output = llmfi_positive(row->max_output);
    r->price.input = row->input;
    r->price.output = row->output;
    r->price.cache_read = row->cache_read;
    r->price.cache_write = row->cache_write_5m;
    r->price.cache_write_1h = row->cache_write_1h;
    r->capabilities = llmfi_row_capabilities(row);
    r->ends = row->ends;
    if (!tier) return;
    r->tier_above = tier->above;
    r->tier.input = tier->input;
    r->tier.output = tier->output;
    r->tier.cache_read = tier->cache_read;
    r->tier.cache_write = tier->cache_write;
    r->tier.cache_write_1h = LLMF_UNKNOWN;
}

/* From the provider and the table; the config's entry comes after. */
static void llmfi_record_begin(llmfi_record *r, const llmfi_provider *p, llmf_str id) {
    const llmfi_model_row *row = p->row >= 0 ? llmfi_find_model_row(p->row, id) : NULL;
    memset(r, 0, sizeof *r);
    r->provider = p;
    r->s.provider = p->name;
    r->s.name = r->s.model_id = id;
    r->s.base_url = p->base_url;
    r->s.api_version = p->api_version;
    r->s.region = p->region;
    r->account = p->account;
    r->resource = p->resource;
    r->embedding_model = p->embedding_model;
    r->s.context_window = r->s.max_output = LLMF_UNKNOWN;
    r->price.input = r->price.output = r->price.cache_read = r->price.cache_write = r->price.cache_write_1h = LLMF_UNKNOWN;
    r->tier = r->price;
    r->budget_pico = LLMF_UNKNOWN;
    r->max_retries = p->max_retries;
    r->rpm = p->rpm;
    r->tpm = p->tpm;
    r->timeouts = p->timeouts;
    r->s.quirks = p->quirks | (row ? row->quirks : p->row >= 0 ? llmfi_family_quirks(p->row, id) : 0);
    if (row) llmfi_record_facts(r, row);
}

/* The table's tier has nothing to say of prices that the config gives. */
static void llmfi_record_apply(llmfi_record *r, const llmfi_node *entry) {
    if (llmfi_apply(entry, LLMFI_OF_MODEL, r)) r->tier_above = 0;
    if (r->s.deployment.len && !llmfi_member(entry, LLMFI_LIT("model_id"))) r->s.model_id = r->s.deployment;
}

static llmf_str llmfi_entry_text(const llmfi_node *entry, const char *key) {
    const llmfi_node *n = llmfi_member(entry, llmfi_cstr(key));
    return n && n->type == LLMFI_STRING ? n->text : llmfi_str("", 0);
}

/* The value for {name} in a base URL, or ptr NULL where there is no such name. */
static llmf_str llmfi_template_value(const llmfi_record *r, llmf_str name) {
    if (LLMFI_IS(name, "region")) return r->s.region;
    if (LLMFI_IS(name, "account")) return r->account;
    if (LLMFI_IS(name, "resource")) return r->resource;
    if (LLMFI_IS(name, "deployment")) return r->s.deployment.len ? r->s.deployment : r->s.model_id;
    return llmfi_str(NULL, 0);
}

static bool llmfi_template_problem(const llmfi_record *r, llmf_str name, llmf_error *err) {
    llmfi_text t = llmfi_error_begin(err, LLMF_ERR_CONFIG);
    size_t i;
    LLMFI_SAY(&t, "provider ");
    llmfi_say(&t, r->provider->name);
    LLMFI_SAY(&t, ": its base URL needs {");
    llmfi_say(&t, name);
    LLMFI_SAY(&t, "}; set the key ");
    llmfi_say(&t, LLMFI_IS(name, "region") ? LLMFI_LIT("region_name") : name);
    LLMFI_SAY(&t, " in the config");
    for (i = 0; llmfi_variable_rows[i].variable; i++) {
        int sets = llmfi_variable_rows[i].sets;
        if (llmfi_variable_rows[i].provider != r->provider->row) continue;
        if ((sets == LLMFI_SETS_REGION && LLMFI_IS(name, "region")) || (sets == LLMFI_SETS_ACCOUNT && LLMFI_IS(name, "account")) ||
            (sets == LLMFI_SETS_RESOURCE && LLMFI_IS(name, "resource"))) {
            LLMFI_SAY(&t, ", or ");
            llmfi_say_c(&t, llmfi_variable_rows[i].variable);
        }
    }
    return false;
}

/* Only what cannot change the host that a template names. */
static bool llmfi_template_ok(llmf_str value) {
    return value.len > 0 && llmfi_char_span(value, LLMFI_CHAR_UNRESERVED) == value.len;
}

/* Fills {region} and its like; `to` NULL measures. LLMFI_NOWHERE with *err where a value is missing or cannot stand there. */
static size_t llmfi_template_fill(const llmfi_record *r, char *to, llmf_error *err) {
    llmf_str url = r->s.base_url;
    size_t i = 0, len = 0;
    while (i < url.len) {
        llmf_str piece = llmfi_str(url.ptr + i, 1);
        size_t close = url.ptr[i] == '{' ? llmfi_find_char(llmfi_from(url, i), '}') : LLMFI_NOWHERE;
        i++;
        if (close != LLMFI_NOWHERE) {
            llmf_str name = llmfi_str(url.ptr + i, close - 1);
            piece = llmfi_template_value(r, name);
            if (!llmfi_template_ok(piece)) {
                llmfi_template_problem(r, name, err);
                return LLMFI_NOWHERE;
            }
            i += close;
        }
        if (to) memcpy(to + len, piece.ptr, piece.len);
        len += piece.len;
    }
    return len;
}

/* What needs memory of its own. */
static bool llmfi_record_end(llmfi_config *c, llmfi_arena *into, llmfi_record *r, llmf_error *err) {
    size_t len;
    char *to;
    const char *what;
    bool forced = c->desc->base_url && c->desc->base_url[0];
    if (forced) r->s.base_url = llmfi_cstr(c->desc->base_url);
    what = llmfi_url_problem(r->s.base_url);
    if (what) { /* files have been checked: it is the program's, or a variable's */
        llmfi_text t = llmfi_error_begin(err, forced ? LLMF_ERR_ARGUMENT : LLMF_ERR_CONFIG);
        if (forced) LLMFI_SAY(&t, "llmf_desc");
        else llmfi_say(&t, r->provider->name);
        LLMFI_SAY(&t, ": base_url ");
        llmfi_say_c(&t, what);
        if (!forced) LLMFI_SAY(&t, "; look at the variable that sets it, <NAME>_BASE_URL");
        return false;
    }
    if (llmfi_find_char(r->s.base_url, '{') == LLMFI_NOWHERE) return true;
    len = llmfi_template_fill(r, NULL, err);
    if (len == LLMFI_NOWHERE) return false;
    to = (char *)llmfi_arena_alloc(into, len + 1);
    if (!to) return llmfi_error_memory(err);
    llmfi_template_fill(r, to, err);
    r->s.base_url = llmfi_str(to, len);
    return true;
}

/* ---- the order in which names resolve ---- */

/* The name of a config entry's provider: its own, else the one whose table knows its id, else the default one; empty. */
static llmf_str llmfi_entry_provider_name(const llmfi_config *c, const llmfi_entry *e) {
    llmf_str name = llmfi_entry_text(e->node, "provider"), id = llmfi_entry_text(e->node, "model_id");
    const llmfi_model_row *row = name.len ? NULL : llmfi_find_model_row(-1, id.len ? id : e->key);
    if (name.len) return name;
    return row ? llmfi_cstr(llmfi_provider_rows[row->provider].name) : llmfi_config_default_provider(c);
}

static const llmfi_provider *llmfi_entry_provider(const llmfi_config *c, const llmfi_entry *e, llmf_error *err) {
    llmf_str name = llmfi_entry_provider_name(c, e);
    llmfi_text t;
    if (name.len) return llmfi_config_usable(c, name, err);
    t = llmfi_error_begin(err, LLMF_ERR_CONFIG);
    LLMFI_SAY(&t, "the model ");
    llmfi_say(&t, e->key);
    LLMFI_SAY(&t, " names no provider; add the key provider");
    return NULL;
}

/* The id of a config entry: its own, else its key where the table has it; empty: it has none. */
static llmf_str llmfi_entry_id(const llmfi_entry *e, const llmfi_provider *p) {
    llmf_str id = llmfi_entry_text(e->node, "model_id");
    if (!id.len) id = llmfi_entry_text(e->node, "deployment");
    if (!id.len && p->row >= 0 && llmfi_find_model_row(p->row, e->key)) id = e->key;
    return id;
}

static bool llmfi_record_of_entry(const llmfi_config *c, const llmfi_entry *e, llmfi_record *out, llmf_error *err) {
    const llmfi_provider *p = llmfi_entry_provider(c, e, err);
    const llmfi_node *fallbacks = llmfi_member(c->fallbacks, e->key);
    llmf_str id;
    if (!p) return false;
    id = llmfi_entry_id(e, p);
    if (!id.len) {
        llmfi_text t = llmfi_error_begin(err, LLMF_ERR_CONFIG);
        LLMFI_SAY(&t, "the model ");
        llmfi_say(&t, e->key);
        LLMFI_SAY(&t, " has no model_id; add the key model_id with the provider's id of the model");
        return false;
    }
    llmfi_record_begin(out, p, id);
    out->fallbacks = fallbacks;
    llmfi_record_apply(out, e->node);
    out->s.name = e->key;
    out->node = e->node;
    out->from_config = true;
    return true;
}

static const llmfi_entry *llmfi_find_entry(const llmfi_config *c, llmf_str name) {
    const llmfi_entry *e;
    for (e = c->models; e; e = e->next)
        if (llmfi_eq(e->key, name)) return e;
    for (e = c->models; e; e = e->next)
        if (e->name.len && llmfi_eq(e->name, name)) return e;
    return NULL;
}

static bool llmfi_record_of(const llmfi_config *c, const llmfi_provider *p, llmf_str id, llmf_str name, llmfi_record *out) {
    llmfi_record_begin(out, p, id);
    out->s.name = name;
    out->fallbacks = llmfi_member(c->fallbacks, name);
    return true;
}

static bool llmfi_record_default(const llmfi_config *c, const llmfi_provider *p, llmfi_record *out, llmf_error *err) {
    llmfi_text t;
    if (p->default_model.len) return llmfi_record_of(c, p, p->default_model, p->default_model, out);
    t = llmfi_error_begin(err, LLMF_ERR_UNKNOWN_MODEL);
    LLMFI_SAY(&t, "provider ");
    llmfi_say(&t, p->name);
    LLMFI_SAY(&t, " has no default model; name one (");
    llmfi_say(&t, p->name);
    LLMFI_SAY(&t, ":model), or set its default_model in the config");
    return false;
}

/* Names that might have been meant: keys of the config, rows of the table, and provider:model of both. */
static bool llmfi_unknown_model(const llmfi_config *c, llmf_str name, llmf_error *err) {
    llmfi_text t = llmfi_error_begin(err, LLMF_ERR_UNKNOWN_MODEL);
    llmfi_nearest near_names = llmfi_nearest_to(name), near_provider;
    size_t colon = llmfi_find_char(name, ':');
    const llmfi_entry *e;
    const llmfi_model_row *row;
    for (e = c->models; e; e = e->next) llmfi_nearest_try(&near_names, e->key);
    for (row = llmfi_model_rows; row->id; row++) llmfi_nearest_try(&near_names, llmfi_cstr(row->id));
    LLMFI_SAY(&t, "unknown model ");
    llmfi_say(&t, name);
    if (llmfi_config_knows(c, name)) {
        LLMFI_SAY(&t, ", which is a provider; write ");
        llmfi_say(&t, name);
        LLMFI_SAY(&t, ":model");
        return false;
    }
    near_provider = llmfi_nearest_to(colon == LLMFI_NOWHERE ? llmfi_str("", 0) : llmfi_str(name.ptr, colon));
    if (colon != LLMFI_NOWHERE) llmfi_nearest_providers(c, &near_provider);
    if (near_provider.count) {
        LLMFI_SAY(&t, "; did you mean ");
        llmfi_say(&t, near_provider.names[0]);
        llmfi_say(&t, llmfi_from(name, colon));
        LLMFI_SAY(&t, "?");
    } else {
        llmfi_nearest_say(&near_names, &t);
    }
    llmfi_say(&t, near_provider.count || near_names.count ? LLMFI_LIT(" It") : LLMFI_LIT("; it"));
    LLMFI_SAY(&t, " must be a key of the config, an id of the table, or provider:model");
    if (colon != LLMFI_NOWHERE) llmfi_say_providers(c, &t, false);
    return false;
}

/* The first row of this id; the default provider's where that has one. */
static const llmfi_model_row *llmfi_row_of_name(const llmfi_config *c, llmf_str name) {
    llmf_str provider = llmfi_config_default_provider(c);
    const llmfi_provider *p = provider.len ? llmfi_config_provider(c, provider) : NULL;
    const llmfi_model_row *row = p && p->row >= 0 ? llmfi_find_model_row(p->row, name) : NULL;
    return row ? row : llmfi_find_model_row(-1, name);
}

static bool llmfi_resolve_name(const llmfi_config *c, llmf_str name, llmfi_record *out, llmf_error *err) {
    const llmfi_entry *e = llmfi_find_entry(c, name);
    const llmfi_model_row *row;
    const llmfi_provider *p;
    size_t colon = llmfi_find_char(name, ':');
    llmf_str before = llmfi_str(name.ptr, colon == LLMFI_NOWHERE ? 0 : colon), provider;
    if (e) return llmfi_record_of_entry(c, e, out, err);
    row = llmfi_row_of_name(c, name);
    if (row) {
        p = llmfi_config_usable(c, llmfi_cstr(llmfi_provider_rows[row->provider].name), err);
        return p && llmfi_record_of(c, p, name, name, out);
    }
    if (before.len && llmfi_config_knows(c, before)) {
        p = llmfi_config_usable(c, before, err);
        if (!p) return false;
        if (colon + 1 == name.len) return llmfi_record_default(c, p, out, err);
        return llmfi_record_of(c, p, llmfi_from(name, colon + 1), name, out);
    }
    provider = llmfi_config_default_provider(c);
    if (!provider.len) return llmfi_unknown_model(c, name, err);
    p = llmfi_config_usable(c, provider, err);
    return p && llmfi_record_of(c, p, name, name, out);
}

static bool llmfi_resolve_empty(const llmfi_config *c, llmfi_record *out, llmf_error *err) {
    llmf_str provider = llmfi_config_chosen_provider(c);
    const llmfi_provider *p;
    llmfi_text t;
    if (!provider.len && c->default_model.len) return llmfi_resolve_name(c, c->default_model, out, err);
    if (!provider.len) provider = c->default_provider;
    if (provider.len) {
        p = llmfi_config_usable(c, provider, err);
        return p && llmfi_record_default(c, p, out, err);
    }
    t = llmfi_error_begin(err, LLMF_ERR_UNKNOWN_MODEL);
    LLMFI_SAY(&t, "no model is named and there is no default: name one, or set LLM_PROVIDER, or default_model in the config");
    llmfi_say_providers(c, &t, false);
    return false;
}

/* What `name` stands for; empty: the default provider's default model. Texts of *out live as long as the generation and `into` do.
   False with *err: UNKNOWN_MODEL, UNKNOWN_PROVIDER, NOT_BUILT, CONFIG, MEMORY. */
LLMFI_UNUSED static bool llmfi_config_resolve(llmfi_config *c, llmfi_arena *into, llmf_str name, llmfi_record *out, llmf_error *err) {
    llmf_str kept = name;
    if (llmfi_find_control(kept, 0) != LLMFI_NOWHERE || !llmfi_utf8_valid(kept, NULL)) {
        llmfi_text t = llmfi_error_begin(err, LLMF_ERR_ARGUMENT);
        LLMFI_SAY(&t, "the model's name holds a control character or invalid UTF-8");
        return false;
    }
    if (kept.len) {
        kept = llmfi_arena_copy(into, kept);
        if (!kept.len) return llmfi_error_memory(err);
    }
    if (!(kept.len ? llmfi_resolve_name(c, kept, out, err) : llmfi_resolve_empty(c, out, err))) return false;
    return llmfi_record_end(c, into, out, err);
}

/* ---- keys ---- */

/* "NAME:bearer" of a list of key variables: the name, and the scheme that it is for. */
static llmf_str llmfi_key_variable(llmf_str word, int *auth) {
    size_t colon = llmfi_find_char(word, ':');
    if (colon == LLMFI_NOWHERE) return word;
    if (llmfi_eq(llmfi_from(word, colon + 1), LLMFI_LIT("bearer"))) *auth = LLMFI_AUTH_BEARER;
    return llmfi_str(word.ptr, colon);
}

/* The key of a call that starts now, or empty; *auth: how it goes out. What the program gave outranks the model's entry, that its provider's entry, that
   the provider's variables. */
LLMFI_UNUSED static llmf_str llmfi_record_key(const llmfi_record *r, const llmfi_env *env, int *auth) {
    const llmfi_provider *p = r->provider;
    llmf_str key = llmfi_cstr(env->desc->api_key), word, list;
    *auth = p->auth;
    if (p->auth == LLMFI_AUTH_NONE) return llmfi_str("", 0);
    if (!key.len) key = llmfi_env_filled(env, llmfi_cstr(env->desc->api_key_env));
    if (!key.len) key = r->api_key;
    if (!key.len) key = llmfi_env_filled(env, r->api_key_env_var);
    if (!key.len) key = p->api_key;
    if (!key.len) key = llmfi_env_filled(env, p->api_key_env_var);
    if (p->api_key_env_var.len) return key.len ? key : llmfi_str("", 0);
    for (list = p->key_variables; !key.len && llmfi_next_word(&list, &word);) {
        int scheme = p->auth;
        key = llmfi_env_filled(env, llmfi_key_variable(word, &scheme));
        if (key.len) *auth = scheme;
    }
    return key.len ? key : llmfi_str("", 0);
}

/* What to do where llmfi_record_key gave none: "set OPENAI_API_KEY". */
LLMFI_UNUSED static void llmfi_record_key_hint(const llmfi_record *r, llmfi_text *t) {
    const llmfi_provider *p = r->provider;
    llmf_str word, list = p->key_variables;
    int auth = 0, n = 0;
    llmf_str named = r->api_key_env_var.len ? r->api_key_env_var : p->api_key_env_var;
    LLMFI_SAY(t, "set ");
    if (named.len) {
        llmfi_say(t, named);
        LLMFI_SAY(t, ", which its config names");
    } else {
        while (llmfi_next_word(&list, &word)) {
            if (n++) LLMFI_SAY(t, " or ");
            llmfi_say(t, llmfi_key_variable(word, &auth));
        }
    }
    if (r->api_key_secret.len || p->api_key_secret.len) LLMFI_SAY(t, " (secret stores, which api_key_secret_name is for, come with a later version)");
}

#endif

/* What a file may hold at its top, besides the keys of one model. */
static const char *const llmfi_sections[] = {"models", "providers", "fallbacks", "routes", "budgets", "prompts", "default_model", "default_provider"};

typedef struct llmfi_loader {
    llmfi_config *c;
    llmfi_report report;
    llmfi_reference *references;
    bool memory;                             /* was refused: nothing that follows counts */
} llmfi_loader;

static llmfi_check llmfi_loader_check(llmfi_loader *l, llmf_str file) {
    llmfi_check k;
    k.arena = &l->c->arena;
    k.env = l->c->env;
    k.report = &l->report;
    k.file = file;
    k.references = &l->references;
    return k;
}

/* ---- nodes ---- */

static llmfi_node *llmfi_new_object(llmfi_arena *a) {
    llmfi_node *n = (llmfi_node *)llmfi_arena_alloc(a, sizeof *n);
    if (n) n->type = LLMFI_OBJECT;
    return n;
}

/* Members of `from` move into `into`; one of the same key takes the older one's place. */
static void llmfi_merge(llmfi_node *into, llmfi_node *from) {
    llmfi_node *n, *next, **link;
    for (n = from->child; n; n = next) {
        next = n->next;
        for (link = &into->child; *link && !llmfi_eq((*link)->key, n->key); link = &(*link)->next) {}
        n->next = *link ? (*link)->next : NULL;
        if (!*link) into->count++;
        *link = n;
    }
    from->child = NULL;
    from->count = 0;
}

/* ---- providers: from the table and the variables ---- */

/* "<NAME>_<what>": what is no letter or digit becomes _. Empty where it does not fit. */
static llmf_str llmfi_variable_name(char *buffer, llmf_str name, const char *what) {
    size_t i, tail = strlen(what);
    if (name.len + tail >= LLMFI_VARIABLE_MAX) return llmfi_str("", 0);
    for (i = 0; i < name.len; i++) {
        char ch = name.ptr[i];
        buffer[i] = (char)(ch >= 'a' && ch <= 'z' ? ch - ('a' - 'A') : llmfi_is_variable_char(ch, false) ? ch : '_');
    }
    memcpy(buffer + name.len, what, tail + 1);
    return llmfi_str(buffer, name.len + tail);
}

static bool llmfi_take_variable(llmfi_config *c, llmf_str variable, llmf_str *to) {
    llmf_str value = llmfi_env_filled(c->env, variable);
    if (!value.len) return false;
    *to = llmfi_arena_copy(&c->arena, value);
    return true;
}

/* "host", "host:port" or a URL, as OLLAMA_HOST has it, into a base URL; the scheme and port that are missing are those of the row. An address that
   means "listen everywhere" means this machine. */
static void llmfi_take_host(llmfi_config *c, llmf_str value, llmf_str row_url, llmf_str *to) {
    char text[300];
    llmfi_text t = llmfi_text_in(text, sizeof text);
    llmfi_url url, row;
    llmfi_url_error why;
    bool whole = llmfi_find_nocase(value, LLMFI_LIT("://")) != LLMFI_NOWHERE;
    if (!llmfi_url_parse(row_url, &row, &why)) return;
    if (!whole) {
        llmfi_say(&t, row.scheme);
        LLMFI_SAY(&t, "://");
        if (value.ptr[0] == ':') LLMFI_SAY(&t, "localhost");
    }
    llmfi_say(&t, value);
    if (!llmfi_url_parse(llmfi_str(text, t.len), &url, &why)) { /* refused, with its text, when it is used */
        *to = llmfi_arena_copy(&c->arena, value);
        return;
    }
    if (LLMFI_IS(url.host, "0.0.0.0") || LLMFI_IS(url.host, "::")) {
        bool has_port = url.authority.len > url.host.len + (url.ipv6 ? 2 : 0);
        char here[300];
        llmfi_text h = llmfi_text_in(here, sizeof here);
        llmfi_say(&h, url.scheme);
        llmfi_say(&h, url.ipv6 ? LLMFI_LIT("://[::1]:") : LLMFI_LIT("://127.0.0.1:"));
        llmfi_say_int(&h, has_port ? url.port : row.port);
        llmfi_say(&h, url.target);
        *to = llmfi_arena_copy(&c->arena, llmfi_str(here, h.len));
        return;
    }
    if (!whole && url.authority.len == url.host.len + (url.ipv6 ? 2 : 0)) {
        LLMFI_SAY(&t, ":");
        llmfi_say_int(&t, row.port);
    }
    *to = llmfi_arena_copy(&c->arena, llmfi_str(text, t.len));
}

static void llmfi_take_header(llmfi_config *c, llmfi_provider *p, const char *name, llmf_str value) {
    llmfi_node *headers = (llmfi_node *)(uintptr_t)p->headers, *n, *both;
    if (!headers) p->headers = headers = llmfi_new_object(&c->arena);
    n = (llmfi_node *)llmfi_arena_alloc(&c->arena, sizeof *n);
    both = llmfi_new_object(&c->arena);
    if (!headers || !n || !both) return;
    n->type = LLMFI_STRING;
    n->key = llmfi_cstr(name);
    n->text = llmfi_arena_copy(&c->arena, value);
    both->child = n;
    llmfi_merge(headers, both);
}

/* One row of LLMF_VARIABLE. What is set already stays. */
static void llmfi_take_setting(llmfi_config *c, llmfi_provider *p, const llmfi_variable_row *row, uint32_t *seen) {
    llmf_str value = llmfi_env_filled(c->env, llmfi_cstr(row->variable));
    uint32_t bit = 1u << (row->sets == LLMFI_SETS_HOST ? (unsigned)LLMFI_SETS_BASE_URL : row->sets);
    if (!value.len || (row->sets != LLMFI_SETS_HEADER && (*seen & bit))) return;
    *seen |= bit;
    value = llmfi_arena_copy(&c->arena, value);
    switch (row->sets) {
    case LLMFI_SETS_MODEL: p->default_model = value; break;
    case LLMFI_SETS_BASE_URL: p->base_url = value; break;
    case LLMFI_SETS_API_VERSION: p->api_version = value; break;
    case LLMFI_SETS_REGION: p->region = value; break;
    case LLMFI_SETS_ACCOUNT: p->account = value; break;
    case LLMFI_SETS_RESOURCE: p->resource = value; break;
    case LLMFI_SETS_HOST: llmfi_take_host(c, value, llmfi_cstr(llmfi_provider_rows[p->row].base_url), &p->base_url); break;
    default: llmfi_take_header(c, p, row->header, value); break;
    }
}

static void llmfi_provider_variables(llmfi_config *c, llmfi_provider *p) {
    char name[LLMFI_VARIABLE_MAX];
    uint32_t seen = 0;
    const llmfi_variable_row *row;
    if (llmfi_take_variable(c, llmfi_variable_name(name, p->name, "_MODEL"), &p->default_model)) seen |= 1u << LLMFI_SETS_MODEL;
    if (llmfi_take_variable(c, llmfi_variable_name(name, p->name, "_BASE_URL"), &p->base_url)) seen |= 1u << LLMFI_SETS_BASE_URL;
    for (row = llmfi_variable_rows; row->variable; row++)
        if (row->provider == p->row) llmfi_take_setting(c, p, row, &seen);
}

static void llmfi_provider_of_row(llmfi_provider *p, int at) {
    const llmfi_provider_row *row = &llmfi_provider_rows[at];
    p->row = at;
    p->name = llmfi_cstr(row->name);
    p->dialect = llmfi_cstr(llmfi_dialect_rows[row->dialect].name);
    p->base_url = llmfi_cstr(row->base_url);
    p->key_variables = llmfi_cstr(row->key_variables);
    p->default_model = llmfi_cstr(row->default_model);
    p->api_version = llmfi_cstr(row->api_version);
    p->embedding_model = llmfi_cstr(row->embedding_model);
    p->auth = row->auth;
    p->quirks = row->quirks;
    p->default_max_tokens = row->default_max_tokens;
    p->embedding_batch = row->embedding_batch;
    p->option = row->option;
    p->built = row->built;
    p->later = llmfi_dialect_rows[row->dialect].later;
}

static void llmfi_provider_append(llmfi_config *c, llmfi_provider *p) {
    llmfi_provider **link = &c->providers;
    while (*link) link = &(*link)->next;
    *link = p;
}

/* A new provider, not yet in the list: of the table where the name is known there. */
static llmfi_provider *llmfi_provider_new(llmfi_config *c, llmf_str name) {
    llmfi_provider *p = (llmfi_provider *)llmfi_arena_alloc(&c->arena, sizeof *p);
    int row = llmfi_find_provider_row(name);
    if (!p) return NULL;
    p->row = -1;
    p->max_retries = -1;
    p->built = true;
    if (row >= 0) {
        llmfi_provider_of_row(p, row);
    } else {
        char variable[LLMFI_VARIABLE_MAX];
        p->name = name;
        p->key_variables = llmfi_arena_copy(&c->arena, llmfi_variable_name(variable, name, "_API_KEY"));
        p->quirks = LLMFI_Q_NO_KEY_NEEDED;
        p->auth = LLMFI_AUTH_BEARER;
    }
    llmfi_provider_variables(c, p);
    return p;
}

/* A host of one's own takes what its dialect's own provider has, where that is no matter of the host. */
static void llmfi_provider_dialect(llmfi_provider *p, llmf_str dialect) {
    int row = llmfi_find_provider_row(dialect), d = llmfi_find_dialect_row(dialect);
    if (row >= 0) {
        p->auth = llmfi_provider_rows[row].auth;
        p->api_version = llmfi_cstr(llmfi_provider_rows[row].api_version);
        p->default_max_tokens = llmfi_provider_rows[row].default_max_tokens;
        p->embedding_batch = llmfi_provider_rows[row].embedding_batch;
    }
    p->built = d < 0 || llmfi_dialect_rows[d].built;
    p->later = d >= 0 && llmfi_dialect_rows[d].later;
}

/* Lays a checked entry over a provider. */
static void llmfi_provider_apply(llmfi_provider *p, llmfi_node *entry) {
    const llmfi_node *dialect = llmfi_member(entry, LLMFI_LIT("dialect"));
    bool key = llmfi_member(entry, LLMFI_LIT("api_key_env_var")) || llmfi_member(entry, LLMFI_LIT("api_key"));
    if (dialect && dialect->type == LLMFI_STRING && !llmfi_eq(dialect->text, p->dialect)) llmfi_provider_dialect(p, dialect->text);
    if (key && p->row < 0) p->quirks &= ~(uint32_t)LLMFI_Q_NO_KEY_NEEDED;
    llmfi_apply(entry, LLMFI_OF_PROVIDER, p);
    p->from_config = true;
    if (p->node) llmfi_merge((llmfi_node *)(uintptr_t)p->node, entry);
    else p->node = entry;
}

static bool llmfi_provider_name_ok(llmf_str name) {
    size_t i;
    for (i = 0; i < name.len; i++)
        if (!llmfi_is_variable_char(name.ptr[i], false) && name.ptr[i] != '-' && name.ptr[i] != '.') return false;
    return name.len > 0 && name.len <= LLMFI_NAME_MAX;
}

static bool llmfi_load_provider(llmfi_loader *l, const llmfi_check *k, llmfi_node *entry) {
    llmfi_provider *p = llmfi_config_provider(l->c, entry->key);
    llmfi_nearest near_names;
    llmf_error err;
    llmfi_text t;
    bool fresh = !p, ok = llmfi_check_entry(k, entry, LLMFI_OF_PROVIDER, NULL, 0);
    if (entry->type != LLMFI_OBJECT) return false;
    if (!llmfi_provider_name_ok(entry->key)) {
        llmfi_report_at(&l->report, k->file, entry->key_line, entry->key_column, "a provider's name has letters, digits, _ - and . only, at most 64 of them");
        return false;
    }
    if (!p) p = llmfi_provider_new(l->c, entry->key);
    if (!p) return false;
    if (fresh && p->row < 0 && ok && (!llmfi_member(entry, LLMFI_LIT("dialect")) || !llmfi_member(entry, LLMFI_LIT("base_url")))) {
        near_names = llmfi_nearest_to(entry->key);
        llmfi_nearest_providers(l->c, &near_names);
        t = llmfi_check_begin_key(k, &err, entry);
        LLMFI_SAY(&t, "the provider ");
        llmfi_say(&t, entry->key);
        LLMFI_SAY(&t, " is new: it needs the keys dialect and base_url");
        llmfi_nearest_say(&near_names, &t);
        llmfi_report_end(&l->report, &err, false);
        ok = false;
    }
    llmfi_provider_apply(p, entry);
    if (fresh) llmfi_provider_append(l->c, p);
    return ok;
}

/* ---- models ---- */

static void llmfi_load_model(llmfi_loader *l, const llmfi_check *k, llmf_str key, llmfi_node *entry, bool flat) {
    llmfi_entry *e, **link = &l->c->models;
    const llmfi_node *name;
    bool ok = llmfi_check_entry(k, entry, LLMFI_OF_MODEL, flat ? llmfi_sections : NULL, flat ? LLMFI_COUNT(llmfi_sections) : 0);
    if (entry->type != LLMFI_OBJECT || (!ok && !key.len)) return;
    if (!key.len || llmfi_trim(key).len != key.len || llmfi_find_control(key, 0) != LLMFI_NOWHERE) {
        llmfi_report_at(&l->report, k->file, entry->key_line ? entry->key_line : entry->line, entry->key_line ? entry->key_column : entry->column,
                        key.len ? "a model's key has no blanks at its ends and no control characters" : "this model has no key; give it the key name");
        return;
    }
    for (; *link && !llmfi_eq((*link)->key, key); link = &(*link)->next) {}
    if (!*link) {
        e = (llmfi_entry *)llmfi_arena_alloc(&l->c->arena, sizeof *e);
        if (!e) return;
        e->key = llmfi_arena_copy(&l->c->arena, key);
        e->node = entry;
        *link = e;
        l->c->model_count++;
    } else {
        e = *link;
        e->node->line = entry->line;
        e->node->column = entry->column;
        e->node->key_line = entry->key_line;
        e->node->key_column = entry->key_column;
        llmfi_merge(e->node, entry);
    }
    e->file = k->file;
    e->broken = e->broken || !ok;
    name = llmfi_member(e->node, LLMFI_LIT("name"));
    e->name = name && name->type == LLMFI_STRING ? name->text : llmfi_str("", 0);
}

/* ---- sections ---- */

static bool llmfi_wants_object(const llmfi_check *k, const llmfi_node *n, const char *what) {
    llmf_error err;
    llmfi_text t;
    if (n->type == LLMFI_OBJECT || n->type == LLMFI_NULL) return n->type == LLMFI_OBJECT;
    t = llmfi_check_begin(k, &err, n);
    llmfi_say(&t, n->key);
    llmfi_say_c(&t, what);
    llmfi_report_end(k->report, &err, false);
    return false;
}

static void llmfi_load_models(llmfi_loader *l, const llmfi_check *k, llmfi_node *section) {
    llmfi_node *n, *next;
    bool list = section->type == LLMFI_ARRAY;
    if (!list && !llmfi_wants_object(k, section, " must be a mapping of names to models")) return;
    for (n = section->child; n; n = next) {
        next = n->next;
        llmfi_load_model(l, k, list ? llmfi_entry_text(n, "name") : n->key, n, false);
    }
}

static void llmfi_load_providers(llmfi_loader *l, const llmfi_check *k, llmfi_node *section) {
    llmfi_node *n, *next;
    if (!llmfi_wants_object(k, section, " must be a mapping of names to providers")) return;
    for (n = section->child; n; n = next) {
        next = n->next;
        llmfi_load_provider(l, k, n);
    }
}

/* {model: [names]}: all of them must resolve, the keys too. */
static void llmfi_load_fallbacks(llmfi_loader *l, const llmfi_check *k, llmfi_node *section) {
    static const llmfi_key key = {"fallbacks", LLMFI_KEY_NAMES, LLMFI_KEY_APART, LLMFI_KEY_APART, 0, 0, LLMFI_DOC("")};
    llmfi_node *n, *name, **link;
    if (!llmfi_wants_object(k, section, " must be a mapping of names to lists of names")) return;
    for (link = &section->child; (n = *link) != NULL;) {
        name = (llmfi_node *)llmfi_arena_alloc(&l->c->arena, sizeof *name);
        if (!name || !llmfi_check_value(k, &key, n) || n->type != LLMFI_ARRAY) {
            *link = n->next;
            continue;
        }
        name->type = LLMFI_STRING;
        name->text = n->key;
        name->line = n->key_line;
        name->column = n->key_column;
        llmfi_refer(k, name, true, false);
        link = &n->next;
    }
    llmfi_merge(l->c->fallbacks, section);
}

/* Sections that later parts read: kept whole, variables expanded; only their form is looked at. */
static void llmfi_load_kept(const llmfi_check *k, llmfi_node *section, llmfi_node *into, bool expand) {
    bool from_variable = false;
    if (!llmfi_wants_object(k, section, " must be a mapping")) return;
    if (expand) llmfi_expand(k, section, &from_variable);
    llmfi_merge(into, section);
}

static void llmfi_load_default(const llmfi_check *k, llmfi_node *n, bool model, llmf_str *to) {
    static const llmfi_key keys[] = {{"default_provider", LLMFI_KEY_TEXT, LLMFI_KEY_APART, LLMFI_KEY_NONE, 0, 0, LLMFI_DOC("")},
                                     {"default_model", LLMFI_KEY_TEXT, LLMFI_KEY_APART, LLMFI_KEY_NONE, 0, 0, LLMFI_DOC("")}};
    bool from_variable = n->type == LLMFI_STRING && llmfi_has_hole(n->text);
    if (n->type == LLMFI_NULL || !llmfi_check_value(k, &keys[model], n)) return;
    *to = n->text;
    llmfi_refer(k, n, model, from_variable);
}

static void llmfi_load_section(llmfi_loader *l, const llmfi_check *k, llmfi_node *n) {
    llmfi_config *c = l->c;
    llmfi_nearest near_names;
    size_t i;
    if (LLMFI_IS(n->key, "models")) llmfi_load_models(l, k, n);
    else if (LLMFI_IS(n->key, "providers")) llmfi_load_providers(l, k, n);
    else if (LLMFI_IS(n->key, "fallbacks")) llmfi_load_fallbacks(l, k, n);
    else if (LLMFI_IS(n->key, "routes")) llmfi_load_kept(k, n, c->routes, true);
    else if (LLMFI_IS(n->key, "budgets")) llmfi_load_kept(k, n, c->budgets, true);
    else if (LLMFI_IS(n->key, "prompts")) llmfi_load_kept(k, n, c->prompts, false);
    else if (LLMFI_IS(n->key, "default_model")) llmfi_load_default(k, n, true, &c->default_model);
    else if (LLMFI_IS(n->key, "default_provider")) llmfi_load_default(k, n, false, &c->default_provider);
    else if (llmfi_find_key(n->key, LLMFI_OF_MODEL)) {
        llmf_error err;
        llmfi_text t = llmfi_check_begin_key(k, &err, n);
        LLMFI_SAY(&t, "the key ");
        llmfi_say(&t, n->key);
        LLMFI_SAY(&t, " belongs to a model; put it into an entry of models");
        llmfi_report_end(k->report, &err, false);
    } else {
        near_names = llmfi_nearest_to(n->key);
        for (i = 0; i < LLMFI_COUNT(llmfi_sections); i++) llmfi_nearest_try(&near_names, llmfi_cstr(llmfi_sections[i]));
        llmfi_check_unknown(k, n, "section", &near_names);
    }
}

/* ---- texts ---- */

/* A file of sections; else it is one model with its keys at the top. */
static bool llmfi_has_sections(const llmfi_node *root) {
    const llmfi_node *n;
    size_t i;
    for (n = root->child; n; n = n->next) {
        if (LLMFI_IS(n->key, "fallbacks") && n->type != LLMFI_OBJECT) continue; /* a model has a list of that name */
        for (i = 0; i < LLMFI_COUNT(llmfi_sections); i++)
            if (llmfi_eq(n->key, llmfi_cstr(llmfi_sections[i]))) return true;
    }
    return false;
}

/* JSON by its name or its first byte, else YAML (of which "{a: 1}" is a form too). NULL where a problem was reported or memory was refused. */
static llmfi_node *llmfi_parse_config(llmfi_arena *a, llmf_str file, llmf_str text, llmfi_report *report) {
    llmfi_parse_error e;
    llmfi_node *root;
    bool named_json = llmfi_ends(file, LLMFI_LIT(".json"));
    llmf_str front = llmfi_trim(text);
    memset(&e, 0, sizeof e);
#if LLMF_HAS_YAML
    root = named_json ? llmfi_json_parse(a, text, &e, true) : llmfi_yaml_parse(a, text, &e);
    (void)front;
#else
    if (!named_json && !(front.len && front.ptr[0] == '{')) {
        llmfi_report_at(report, file, 0, 0, "this build reads no YAML (LLMF_NO_YAML); write it as JSON");
        return NULL;
    }
    root = llmfi_json_parse(a, text, &e, true);
#endif
    if (!root && !e.memory && !a->failed) llmfi_report_at(report, file, e.line, e.column, e.what ? e.what : "cannot be read");
    if (!root || root->type == LLMFI_OBJECT) return root;
    llmfi_report_at(report, file, root->line, root->column, "a config is a mapping: keys of a model, or sections such as models and providers");
    return NULL;
}

static void llmfi_load_text(llmfi_loader *l, llmf_str file, llmf_str stem, llmf_str text) {
    llmfi_node *root = llmfi_parse_config(&l->c->arena, file, text, &l->report), *n, *next;
    llmfi_check k = llmfi_loader_check(l, file);
    if (!root) return;
    if (!llmfi_has_sections(root)) {
        if (root->child) llmfi_load_model(l, &k, stem.len ? stem : llmfi_entry_text(root, "name"), root, true);
        return;
    }
    for (n = root->child; n; n = next) {
        next = n->next;
        llmfi_load_section(l, &k, n);
    }
}

static void llmfi_load_file(llmfi_loader *l, llmf_str path) {
    llmfi_buf text;
    int got;
    llmfi_buf_init(&text, l->c->heap, 0);
    got = llmfi_source_read(path, &text, &l->report);
    if (got == LLMFI_SOURCE_MEMORY) l->memory = true;
    if (got == LLMFI_SOURCE_READ) llmfi_load_text(l, path, llmfi_source_stem(path), llmfi_buf_str(&text));
    if (text.ptr) llmfi_env_wipe(text.ptr, text.cap);
    llmfi_buf_free(&text);
}

/* A file, or each config file of a directory by name. */
static void llmfi_load_path(llmfi_loader *l, const char *path) {
    llmfi_source_name *names, *n;
    llmf_str kept;
    int got;
    if (!path || !path[0]) return;
    kept = llmfi_arena_copy(&l->c->arena, llmfi_cstr(path));
    if (!kept.len) return;
    got = llmfi_source_list(kept, &l->c->arena, &names, &l->report);
    if (got == LLMFI_SOURCE_MEMORY) l->memory = true;
    if (got == LLMFI_SOURCE_NO_DIRECTORY) llmfi_load_file(l, kept);
    for (n = got == LLMFI_SOURCE_READ ? names : NULL; n && !l->memory && !l->c->arena.failed; n = n->next) llmfi_load_file(l, n->path);
}

/* ---- when all is read ---- */

static void llmfi_check_reference(llmfi_loader *l, const llmfi_reference *r) {
    llmfi_record record;
    llmf_error why, err;
    llmfi_text t;
    if (r->model ? llmfi_resolve_name(l->c, r->node->text, &record, &why) : llmfi_config_knows(l->c, r->node->text)) return;
    if (r->model && why.code != LLMF_ERR_UNKNOWN_MODEL && why.code != LLMF_ERR_UNKNOWN_PROVIDER) return; /* told elsewhere, or not built: no fault of the file */
    t = llmfi_report_begin(&err, r->file, r->node->line, r->node->column, false);
    err.code = r->model ? LLMF_ERR_UNKNOWN_MODEL : LLMF_ERR_UNKNOWN_PROVIDER;
    if (r->secret) llmfi_say(&t, r->model ? LLMFI_LIT("the variable here names no known model") : LLMFI_LIT("the variable here names no known provider"));
    else if (r->model) llmfi_say_c(&t, why.text);
    else llmfi_unknown_provider(l->c, r->node->text, &t);
    llmfi_report_end(&l->report, &err, false);
}

/* Each model has a provider and an id; a provider that is left out gets its place in the list, so that it can be shown. */
static void llmfi_check_model(llmfi_loader *l, const llmfi_entry *e) {
    llmfi_record record;
    llmf_error why, err;
    llmfi_text t;
    llmf_str name = llmfi_entry_provider_name(l->c, e);
    if (name.len && !llmfi_config_provider(l->c, name) && llmfi_find_provider_row(name) >= 0) {
        llmfi_provider *p = llmfi_provider_new(l->c, name);
        if (p) llmfi_provider_append(l->c, p);
    }
    if (e->broken || llmfi_record_of_entry(l->c, e, &record, &why) || why.code != LLMF_ERR_CONFIG) return;
    t = e->node->key_line ? llmfi_report_begin(&err, e->file, e->node->key_line, e->node->key_column, false)
                          : llmfi_report_begin(&err, e->file, e->node->line, e->node->column, false);
    llmfi_say_c(&t, why.text);
    llmfi_report_end(&l->report, &err, false);
}

static void llmfi_load_end(llmfi_loader *l) {
    const llmfi_reference *r;
    const llmfi_entry *e;
    int row;
    for (row = 0; row < LLMFI_P_COUNT; row++) {
        llmf_str name = llmfi_cstr(llmfi_provider_rows[row].name);
        llmfi_provider *p = llmfi_provider_rows[row].built && !llmfi_config_provider(l->c, name) ? llmfi_provider_new(l->c, name) : NULL;
        if (p) llmfi_provider_append(l->c, p);
    }
    if (l->c->arena.failed) return;
    for (e = l->c->models; e; e = e->next) llmfi_check_model(l, e);
    for (r = l->references; r; r = r->next) llmfi_check_reference(l, r);
}

/* ---- generations ---- */

/* Keys may be in it: it goes back as zeros. */
static void llmfi_config_wipe(llmfi_arena *a) {
    const size_t head = llmfi_round_up(sizeof(llmfi_arena_piece), LLMFI_ALIGN);
    llmfi_arena_piece *p;
    for (p = a->newest; p; p = p->older) llmfi_env_wipe((char *)(void *)p + head, p->size - head);
}

LLMFI_UNUSED static void llmfi_config_hold(llmfi_config *c) {
    c->references++;
}

LLMFI_UNUSED static void llmfi_config_release(llmfi_config *c) {
    if (!c || --c->references > 0) return;
    llmfi_config_wipe(&c->arena);
    llmfi_arena_free(&c->arena);
    llmfi_heap_free(c->heap, c);
}

static llmfi_config *llmfi_config_new(llmfi_heap *heap, const llmf_desc *desc, const llmfi_env *env) {
    llmfi_config *c = (llmfi_config *)llmfi_heap_alloc(heap, sizeof *c);
    if (!c) return NULL;
    memset(c, 0, sizeof *c);
    c->heap = heap;
    c->references = 1;
    c->desc = desc;
    c->env = env;
    llmfi_arena_init(&c->arena, heap, 0);
    c->fallbacks = llmfi_new_object(&c->arena);
    c->routes = llmfi_new_object(&c->arena);
    c->budgets = llmfi_new_object(&c->arena);
    c->prompts = llmfi_new_object(&c->arena);
    if (!c->arena.failed) return c;
    llmfi_config_release(c);
    return NULL;
}

/* Reads every source of *desc into a new generation, held once. Problems are told to `say` (NULL: nobody) and counted in *problems; what could be read is
   there even so: a caller that wants it valid as a whole looks at the count. NULL: memory was refused. *desc and *env must live as long as it. */
LLMFI_UNUSED static llmfi_config *llmfi_config_load(llmfi_heap *heap, const llmf_desc *desc, const llmfi_env *env, llmfi_report_fn say, void *user, size_t *problems) {
    llmfi_loader l;
    size_t i;
    memset(&l, 0, sizeof l);
    l.report = llmfi_report_to(say, user);
    l.c = llmfi_config_new(heap, desc, env);
    if (!l.c) return NULL;
    llmfi_load_path(&l, desc->config);
    for (i = 0; desc->configs && i < desc->config_count && !l.memory && !l.c->arena.failed; i++) llmfi_load_path(&l, desc->configs[i]);
    if (desc->config_text && desc->config_text[0] && !l.memory && !l.c->arena.failed)
        llmfi_load_text(&l, LLMFI_LIT("config_text"), llmfi_str("", 0), llmfi_cstr(desc->config_text));
    if (!l.memory && !l.c->arena.failed) llmfi_load_end(&l);
    if (problems) *problems = l.report.problems;
    if (!l.memory && !l.c->arena.failed) return l.c;
    llmfi_config_release(l.c);
    return NULL;
}

/* ---- overrides and registrations ---- */

/* Keeps the first problem. */
static void llmfi_first_problem(void *user, const llmf_error *e, bool warning) {
    llmf_error *first = (llmf_error *)user;
    if (!warning && first->code == LLMF_OK) *first = *e;
}

/* A checked entry out of a text, in `into`; NULL with *err. Blank: an empty one. */
static llmfi_node *llmfi_entry_of_text(llmfi_config *c, llmfi_arena *into, llmf_str text, const char *where, int of, llmf_error *err) {
    llmfi_report report = llmfi_report_to(llmfi_first_problem, err);
    llmfi_check k;
    llmfi_node *n;
    memset(err, 0, sizeof *err);
    k.arena = into;
    k.env = c->env;
    k.report = &report;
    k.file = llmfi_cstr(where);
    k.references = NULL;
    n = llmfi_trim(text).len ? llmfi_parse_config(into, k.file, text, &report) : llmfi_new_object(into);
    if (n && llmfi_check_entry(&k, n, of, NULL, 0) && !into->failed) return n;
    if (err->code == LLMF_OK) llmfi_error_memory(err);
    return NULL;
}

/* Lays a text with keys of a model over a resolved record; into: as it was for llmfi_config_resolve. False with *err. */
LLMFI_UNUSED static bool llmfi_config_override(llmfi_config *c, llmfi_arena *into, llmfi_record *record, llmf_str config_text, llmf_error *err) {
    llmfi_node *entry = llmfi_entry_of_text(c, into, config_text, "config of llmf_create", LLMFI_OF_MODEL, err);
    llmf_str provider, id;
    const llmfi_provider *p = record->provider;
    llmfi_record fresh;
    if (!entry) return false;
    provider = llmfi_entry_text(entry, "provider");
    id = llmfi_entry_text(entry, "model_id");
    if (provider.len) p = llmfi_config_usable(c, provider, err);
    if (!p) return false;
    llmfi_record_begin(&fresh, p, id.len ? id : record->s.model_id);
    fresh.fallbacks = llmfi_member(c->fallbacks, record->s.name);
    if (record->node && p == record->provider) llmfi_record_apply(&fresh, record->node);
    llmfi_record_apply(&fresh, entry);
    fresh.s.name = record->s.name;
    fresh.node = record->node;
    fresh.from_config = record->from_config;
    if (!llmfi_record_end(c, into, &fresh, err)) return false;
    *record = fresh;
    return true;
}

static bool llmfi_register_bad(llmf_error *err, const char *what) {
    llmfi_text t = llmfi_error_begin(err, LLMF_ERR_ARGUMENT);
    LLMFI_SAY(&t, "llmf_provider_desc: ");
    llmfi_say_c(&t, what);
    return false;
}

/* Adds a host that a program registers, or changes a known one. Texts of *d are copied. False with *err: nothing has changed. */
LLMFI_UNUSED static bool llmfi_config_add_provider(llmfi_config *c, const llmf_provider_desc *d, llmf_error *err) {
    llmf_str name = llmfi_cstr(d->name);
    llmfi_node *entry;
    llmfi_provider *p, *known;
    const char *what;
    c->arena.failed = false;
    if (!llmfi_provider_name_ok(name)) return llmfi_register_bad(err, "name must have letters, digits, _ - and . only, at most 64 of them");
    if (d->key_env && !llmfi_is_variable(llmfi_cstr(d->key_env))) return llmfi_register_bad(err, "key_env must be the name of a variable, not the key itself");
    what = d->base_url ? llmfi_url_problem(llmfi_cstr(d->base_url)) : NULL;
    if (what) return llmfi_register_bad(err, "base_url is no URL that a request can go to; write it as https://host/path");
    entry = llmfi_entry_of_text(c, &c->arena, llmfi_cstr(d->config), "config of llmf_register", LLMFI_OF_PROVIDER, err);
    if (!entry) return false;
    known = llmfi_config_provider(c, name);
    if (!known && llmfi_find_provider_row(name) < 0 && !((d->dialect || llmfi_member(entry, LLMFI_LIT("dialect"))) && (d->base_url || llmfi_member(entry, LLMFI_LIT("base_url")))))
        return llmfi_register_bad(err, "a new provider needs dialect and base_url");
    p = llmfi_provider_new(c, llmfi_arena_copy(&c->arena, name));
    if (!p || c->arena.failed) return llmfi_error_memory(err);
    if (known) {
        llmfi_provider *next = p->next;
        *p = *known;
        p->next = next;
    }
    if (d->dialect) {
        int row = llmfi_find_dialect_row(llmfi_cstr(d->dialect));
        llmfi_provider_dialect(p, llmfi_cstr(d->dialect));
        p->dialect = row >= 0 ? llmfi_cstr(llmfi_dialect_rows[row].name) : llmfi_arena_copy(&c->arena, llmfi_cstr(d->dialect));
    }
    if (d->base_url) p->base_url = llmfi_arena_copy(&c->arena, llmfi_cstr(d->base_url));
    if (d->default_model) p->default_model = llmfi_arena_copy(&c->arena, llmfi_cstr(d->default_model));
    if (d->key_env) {
        p->api_key_env_var = llmfi_arena_copy(&c->arena, llmfi_cstr(d->key_env));
        p->quirks &= ~(uint32_t)LLMFI_Q_NO_KEY_NEEDED;
    }
    p->node = NULL;
    llmfi_provider_apply(p, entry);
    if (c->arena.failed) return llmfi_error_memory(err);
    p->next = c->providers; /* before the known one of that name: handles that were resolved keep what they have */
    c->providers = p;
    return true;
}

/* ---- what there is ---- */

/* The i-th model, from 0: the config's, then the table's. Texts live as long as the generation; a base URL keeps its {holes}. False past the end. */
LLMFI_UNUSED static bool llmfi_config_model_at(const llmfi_config *c, size_t i, llmfi_record *out) {
    const llmfi_entry *e = c->models;
    const llmfi_provider *p;
    for (; e && i; e = e->next) i--;
    if (e) {
        llmf_str id;
        p = llmfi_config_provider(c, llmfi_entry_provider_name(c, e));
        if (!p) p = c->providers; /* its default provider has gone since: shown, if wrongly */
        id = llmfi_entry_id(e, p);
        llmfi_record_begin(out, p, id.len ? id : e->key);
        out->fallbacks = llmfi_member(c->fallbacks, e->key);
        llmfi_record_apply(out, e->node);
        out->s.name = e->key;
        out->node = e->node;
        out->from_config = true;
        return true;
    }
    if (i >= llmfi_model_row_count()) return false;
    p = llmfi_config_provider(c, llmfi_cstr(llmfi_provider_rows[llmfi_model_rows[i].provider].name));
    return p && llmfi_record_of(c, p, llmfi_cstr(llmfi_model_rows[i].id), llmfi_cstr(llmfi_model_rows[i].id), out);
}

/* The i-th provider: the list's, then those of the table that are in no list because they are left out. */
static bool llmfi_provider_find_at(const llmfi_config *c, size_t i, llmfi_provider *out) {
    const llmfi_provider *p;
    const llmfi_provider *q;
    int row;
    for (p = c->providers; p; p = p->next) {
        for (q = c->providers; q != p && !llmfi_eq(q->name, p->name); q = q->next) {}
        if (q != p || i--) continue; /* registered again: the first counts */
        *out = *p;
        return true;
    }
    for (row = 0; row < LLMFI_P_COUNT; row++) {
        if (llmfi_config_provider(c, llmfi_cstr(llmfi_provider_rows[row].name)) || i--) continue;
        memset(out, 0, sizeof *out);
        llmfi_provider_of_row(out, row);
        return true;
    }
    return false;
}

LLMFI_UNUSED static bool llmfi_config_provider_at(const llmfi_config *c, const llmfi_env *env, size_t i, llmf_provider_info *info) {
    llmfi_provider p;
    llmfi_record r;
    llmfi_text t;
    llmf_str word, list, chosen = llmfi_config_default_provider(c);
    int auth;
    if (!llmfi_provider_find_at(c, i, &p)) return false;
    memset(info, 0, sizeof *info);
    llmfi_record_begin(&r, &p, p.default_model);
    list = p.api_key_env_var.len ? p.api_key_env_var : p.key_variables;
    info->name = p.name;
    info->dialect = p.dialect;
    info->base_url = c->desc->base_url && c->desc->base_url[0] ? llmfi_cstr(c->desc->base_url) : p.base_url;
    info->key_variable = llmfi_next_word(&list, &word) ? llmfi_key_variable(word, &auth) : llmfi_str("", 0);
    info->default_model = p.default_model;
    info->has_key = llmfi_record_key(&r, env, &auth).len > 0;
    info->needs_key = auth != LLMFI_AUTH_NONE && !(p.quirks & LLMFI_Q_NO_KEY_NEEDED);
    info->primary = chosen.len && (llmfi_eq_nocase(chosen, p.name) || (p.row >= 0 && llmfi_find_provider_row(chosen) == p.row));
    t = llmfi_text_in(info->reason, sizeof info->reason);
    if (!p.built) {
        info->unavailable = LLMF_ERR_NOT_BUILT;
        llmfi_say_not_built(&t, p.name, p.option, p.later);
    } else if (info->needs_key && !info->has_key) {
        info->unavailable = LLMF_ERR_AUTH;
        LLMFI_SAY(&t, "no key: ");
        llmfi_record_key_hint(&r, &t);
    }
    return true;
}

#endif

/* Different names that one factory may be asked for: bounds what a program that makes names up can use. */
#ifndef LLMF_MAX_HANDLES
#define LLMF_MAX_HANDLES 65536
#endif

/* What a handle needs for a call. Counted: the handle has one, each call under way another, so neither eviction nor reload pulls it from under a call. */
typedef struct llmfi_prepared {
    llmfi_arena arena;
    llmfi_config *config;                    /* held */
    llmfi_record record;
    const llmfi_adapter *adapter;            /* NULL: a registered dialect's, see `dialect` */
    const llmf_dialect *dialect;             /* NULL: one of ours */
    int references;
} llmfi_prepared;

typedef struct llmfi_handle {
    char *name;                              /* heap, NUL behind it; NULL: the slot is free */
    size_t name_len;
    char *config;                            /* overrides of llmf_create; NULL: none */
    size_t config_len;
    llmfi_prepared *prepared;                /* NULL: not now */
    uint32_t generation, hash;
    uint32_t chain;                          /* next slot of the same bucket; 0: none */
    uint32_t newer, older;                   /* LRU among the prepared; 0: none */
    bool own;                                /* of llmf_create: not found by name */
} llmfi_handle;

typedef struct llmfi_handles {
    llmfi_heap *heap;
    llmfi_buf slots;                         /* of llmfi_handle; slot 0 is never used */
    uint32_t count, free_slot;
    uint32_t buckets[256];
    uint32_t newest, oldest, prepared, max_prepared;
    const llmf_dialect *const *dialects;     /* registered ones, `dialect_count` of them */
    size_t dialect_count;
} llmfi_handles;

LLMFI_UNUSED static void llmfi_handles_init(llmfi_handles *h, llmfi_heap *heap, int max_prepared) {
    memset(h, 0, sizeof *h);
    h->heap = heap;
    h->max_prepared = max_prepared > 0 ? (uint32_t)max_prepared : 128;
    llmfi_buf_init(&h->slots, heap, (size_t)LLMF_MAX_HANDLES * sizeof(llmfi_handle));
}

static llmfi_handle *llmfi_handle_slot(const llmfi_handles *h, uint32_t at) {
    return (llmfi_handle *)(void *)h->slots.ptr + at;
}

static uint32_t llmfi_handle_hash(const char *name, size_t len) {
    uint32_t hash = 2166136261u;
    size_t i;
    for (i = 0; i < len; i++) hash = (hash ^ (unsigned char)name[i]) * 16777619u;
    return hash;
}

static uint64_t llmfi_handle_id(const llmfi_handles *h, uint32_t at) {
    return (uint64_t)llmfi_handle_slot(h, at)->generation << 32 | at;
}

/* The slot of an id, or 0 where it is stale. */
LLMFI_UNUSED static uint32_t llmfi_handle_at(const llmfi_handles *h, llmf_model m) {
    uint32_t at = (uint32_t)m.id;
    if (at == 0 || at >= h->count) return 0;
    return llmfi_handle_slot(h, at)->name && llmfi_handle_slot(h, at)->generation == (uint32_t)(m.id >> 32) ? at : 0;
}

/* ---- what is prepared ---- */

LLMFI_UNUSED static void llmfi_prepared_release(llmfi_heap *heap, llmfi_prepared *p) {
    if (!p || --p->references > 0) return;
    llmfi_config_release(p->config);
    llmfi_config_wipe(&p->arena); /* settings of llmf_create may hold a key */
    llmfi_arena_free(&p->arena);
    llmfi_heap_free(heap, p);
}

static void llmfi_handle_unlink(llmfi_handles *h, uint32_t at) {
    llmfi_handle *s = llmfi_handle_slot(h, at);
    if (s->newer) llmfi_handle_slot(h, s->newer)->older = s->older;
    else h->newest = s->older;
    if (s->older) llmfi_handle_slot(h, s->older)->newer = s->newer;
    else h->oldest = s->newer;
    s->newer = s->older = 0;
}

static void llmfi_handle_front(llmfi_handles *h, uint32_t at) {
    llmfi_handle *s = llmfi_handle_slot(h, at);
    s->older = h->newest;
    s->newer = 0;
    if (h->newest) llmfi_handle_slot(h, h->newest)->newer = at;
    else h->oldest = at;
    h->newest = at;
}

LLMFI_UNUSED static void llmfi_handle_unprepare(llmfi_handles *h, uint32_t at) {
    llmfi_handle *s = llmfi_handle_slot(h, at);
    if (!s->prepared) return;
    llmfi_handle_unlink(h, at);
    llmfi_prepared_release(h->heap, s->prepared);
    s->prepared = NULL;
    h->prepared--;
}

/* The adapter of a dialect: a registered one of that name first, then ours. False with *err where there is none. */
static bool llmfi_prepared_dialect(const llmfi_handles *h, llmfi_prepared *p, llmf_error *err) {
    llmf_str name = p->record.provider->dialect;
    size_t i;
    llmfi_text t;
    for (i = 0; i < h->dialect_count; i++)
        if (llmfi_eq(llmfi_cstr(h->dialects[i]->name), name)) p->dialect = h->dialects[i];
    if (!p->dialect) p->adapter = llmfi_adapter_find(name);
    if (p->dialect || p->adapter) return true;
    t = llmfi_error_begin(err, LLMF_ERR_NOT_BUILT);
    LLMFI_SAY(&t, "provider ");
    llmfi_say(&t, p->record.provider->name);
    LLMFI_SAY(&t, " speaks the dialect ");
    llmfi_say(&t, name);
    LLMFI_SAY(&t, ", which this build does not have: build with its LLMF_WITH_ option, or register it with llmf_register_dialect");
    return false;
}

static llmfi_prepared *llmfi_prepare(llmfi_handles *h, llmfi_config *config, const llmfi_handle *s, llmf_error *err) {
    llmfi_prepared *p = (llmfi_prepared *)llmfi_heap_alloc(h->heap, sizeof *p);
    bool ok;
    if (!p) {
        llmfi_error_memory(err);
        return NULL;
    }
    memset(p, 0, sizeof *p);
    p->references = 1;
    p->config = config;
    llmfi_config_hold(config);
    llmfi_arena_init(&p->arena, h->heap, 0);
    ok = llmfi_config_resolve(config, &p->arena, llmfi_str(s->name, s->name_len), &p->record, err) &&
         (!s->config || llmfi_config_override(config, &p->arena, &p->record, llmfi_str(s->config, s->config_len), err)) &&
         llmfi_prepared_dialect(h, p, err);
    if (ok && p->arena.failed) ok = llmfi_error_memory(err);
    if (ok) return p;
    llmfi_prepared_release(h->heap, p);
    return NULL;
}

/* What slot `at` stands for under `config`, prepared now if it was not. NULL with *err. The slot keeps the reference: take one's own to keep it. */
LLMFI_UNUSED static llmfi_prepared *llmfi_handle_use(llmfi_handles *h, llmfi_config *config, uint32_t at, llmf_error *err) {
    llmfi_handle *s = llmfi_handle_slot(h, at);
    if (s->prepared && s->prepared->config == config) {
        if (h->newest != at) {
            llmfi_handle_unlink(h, at);
            llmfi_handle_front(h, at);
        }
        return s->prepared;
    }
    llmfi_handle_unprepare(h, at);
    s->prepared = llmfi_prepare(h, config, s, err);
    if (!s->prepared) return NULL;
    llmfi_handle_front(h, at);
    h->prepared++;
    if (h->prepared > h->max_prepared) llmfi_handle_unprepare(h, h->oldest);
    return s->prepared;
}

/* ---- names ---- */

LLMFI_UNUSED static uint32_t llmfi_handle_find(const llmfi_handles *h, const char *name, size_t len, uint32_t hash) {
    uint32_t at;
    for (at = h->buckets[hash % 256]; at; at = llmfi_handle_slot(h, at)->chain) {
        const llmfi_handle *s = llmfi_handle_slot(h, at);
        if (s->hash == hash && s->name_len == len && memcmp(s->name, name, len) == 0) return at;
    }
    return 0;
}

static char *llmfi_handle_copy(llmfi_heap *heap, const char *text, size_t len) {
    char *to = (char *)llmfi_heap_alloc(heap, len + 1);
    if (!to) return NULL;
    memcpy(to, text, len);
    to[len] = '\0';
    return to;
}

/* A free slot, or 0: memory or LLMF_MAX_HANDLES. */
static uint32_t llmfi_handle_room(llmfi_handles *h) {
    uint32_t at = h->free_slot;
    if (at) {
        h->free_slot = llmfi_handle_slot(h, at)->chain;
        return at;
    }
    if (h->count == 0) h->count = 1;
    if (h->count >= LLMF_MAX_HANDLES || !llmfi_buf_reserve(&h->slots, sizeof(llmfi_handle) * (h->count + 1) - h->slots.len)) return 0;
    h->slots.len = sizeof(llmfi_handle) * (h->count + 1);
    at = h->count++;
    memset(llmfi_handle_slot(h, at), 0, sizeof(llmfi_handle));
    return at;
}

static void llmfi_handle_forget(llmfi_handles *h, uint32_t at) {
    llmfi_handle *s = llmfi_handle_slot(h, at);
    uint32_t generation = s->generation + 1;
    llmfi_handle_unprepare(h, at);
    llmfi_heap_free(h->heap, s->name);
    if (s->config) llmfi_env_wipe(s->config, s->config_len);
    llmfi_heap_free(h->heap, s->config);
    memset(s, 0, sizeof *s);
    s->generation = generation;
    s->chain = h->free_slot;
    h->free_slot = at;
}

/* A new slot, prepared. config NULL: found by this name from now on; else a handle of its own. 0 with *err. */
LLMFI_UNUSED static uint32_t llmfi_handle_new(llmfi_handles *h, llmfi_config *config, llmf_str name, const char *own, llmf_error *err) {
    uint32_t at = llmfi_handle_room(h);
    llmfi_handle *s;
    if (!at) {
        llmfi_error_memory(err);
        return 0;
    }
    s = llmfi_handle_slot(h, at);
    s->name = llmfi_handle_copy(h->heap, name.ptr, name.len);
    s->name_len = name.len;
    s->own = own != NULL;
    if (own) {
        s->config_len = strlen(own);
        s->config = llmfi_handle_copy(h->heap, own, s->config_len);
    }
    if (!s->name || (own && !s->config)) llmfi_error_memory(err);
    if (!s->name || (own && !s->config) || !llmfi_handle_use(h, config, at, err)) {
        llmfi_handle_forget(h, at);
        return 0;
    }
    if (!own) {
        s->hash = llmfi_handle_hash(name.ptr, name.len);
        s->chain = h->buckets[s->hash % 256];
        h->buckets[s->hash % 256] = at;
    }
    return at;
}

LLMFI_UNUSED static void llmfi_handles_close(llmfi_handles *h) {
    uint32_t at;
    for (at = 1; at < h->count; at++)
        if (llmfi_handle_slot(h, at)->name) llmfi_handle_forget(h, at);
    llmfi_buf_free(&h->slots);
}

#endif
/* The transports of this build. */
#ifndef LLMFI_NET_TRANSPORTS_H
#define LLMFI_NET_TRANSPORTS_H
/* What the user brings: a byte stream under our HTTP (custom_stream), or an HTTP client (custom_transport). */
#ifndef LLMFI_NET_CUSTOM_H
#define LLMFI_NET_CUSTOM_H
/* Our own HTTP client: one reply decoder and one pool of connections over any byte stream. One connection carries one exchange at a time
   (HTTP/1.1 without pipelining) and is kept for the next. Whatever could be started at once is; the rest waits its turn, first come first served.

   A callback of the engine may cancel any exchange, the one being fed too, or start new ones. So a connection in use is only marked when it
   dies (LLMFI_CONN_DEAD) and freed by whoever uses it, and `start` never does more than choose a connection: the work is done in tick. */
#ifndef LLMFI_NET_HTTP_H
#define LLMFI_NET_HTTP_H
/* The lower seam: a byte stream under our HTTP. The public functions, and what only streams of our own can tell. */
#ifndef LLMFI_NET_STREAM_H
#define LLMFI_NET_STREAM_H
/* The two seams of the network. Above: an exchange, one HTTP request out and one reply in, made by the engine. Below: whoever carries it out.
   A transport never calls the user, knows nothing of models, and allocates from the factory's heap only (libcurl has its own).

   What the engine promises: one start; then at most one cancel; `resume` when it had taken too little. What a transport promises: status, headers, data, end in this
   order, end exactly once unless cancelled, and never from inside `start` or `cancel` unless `start` itself returned an error (then no end). */
#ifndef LLMFI_NET_TRANSPORT_H
#define LLMFI_NET_TRANSPORT_H
/* Waiting for descriptors: epoll on Linux, poll elsewhere, WSAPoll on Windows. One watch per factory serves every transport.

   Level-triggered. What is no longer wanted is told to the kernel only when it gets in the way: a stream that pauses and goes on costs no
   system call. A wait that was cut short keeps the ready ones it has not served and begins with them the next time. */
#ifndef LLMFI_NET_WATCH_H
#define LLMFI_NET_WATCH_H
/* The operating system's sockets under one set of names: POSIX, or Winsock. Nothing else of the library includes their headers. */
#ifndef LLMFI_NET_SYS_H
#define LLMFI_NET_SYS_H

/* -std=c99 hides POSIX. The macro that shows it counts only before the first system header of the file, so the product defines it on top. */
#if !defined(_WIN32) && !defined(__cplusplus) && defined(__STRICT_ANSI__) && !defined(_DEFAULT_SOURCE) && !defined(_GNU_SOURCE)
#define _DEFAULT_SOURCE 1
#endif

/* Where the system has descriptors to wait for. Without (bare metal) only transports that need none work: replay, your own. */
#ifndef LLMF_HAS_SOCKETS
#if defined(_WIN32) || defined(__unix__) || defined(__APPLE__)
#define LLMF_HAS_SOCKETS 1
#else
#define LLMF_HAS_SOCKETS 0
#endif
#endif

#if LLMF_HAS_SOCKETS && defined(_WIN32)
#include <winsock2.h>
#include <ws2tcpip.h>
#elif LLMF_HAS_SOCKETS
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#if LLMF_HAS_EPOLL
#include <sys/epoll.h>
#include <sys/eventfd.h>
#endif
#if defined(__GLIBC__) && !defined(__USE_XOPEN2K)
#error "llmfactory: -std=c99 hides POSIX. In the file with LLMFACTORY_IMPLEMENTATION include llmfactory.h before every other header, or compile it with -D_DEFAULT_SOURCE or -std=gnu99"
#endif
#endif

#if LLMF_HAS_SOCKETS

#define LLMFI_NO_FD ((intptr_t)-1)

#ifdef _WIN32
typedef WSAPOLLFD llmfi_pollfd;
#define LLMFI_SYS_FD(fd) ((SOCKET)(fd))
#define LLMFI_SYS_ERROR(name) WSA##name
#define LLMFI_SYS_CLOSE(fd) closesocket((SOCKET)(fd))
#define LLMFI_SYS_POLL(fds, n, ms) WSAPoll((fds), (ULONG)(n), (ms))
#define LLMFI_SYS_SEND_FLAGS 0
#define LLMFI_SYS_LEN(n) ((int)(n))
#else
typedef struct pollfd llmfi_pollfd;
#define LLMFI_SYS_FD(fd) ((int)(fd))
#define LLMFI_SYS_ERROR(name) name
#define LLMFI_SYS_CLOSE(fd) close((int)(fd))
#define LLMFI_SYS_POLL(fds, n, ms) poll((fds), (nfds_t)(n), (ms))
#define LLMFI_SYS_LEN(n) (n)
#ifdef MSG_NOSIGNAL
#define LLMFI_SYS_SEND_FLAGS MSG_NOSIGNAL
#else
#define LLMFI_SYS_SEND_FLAGS 0 /* SO_NOSIGPIPE instead: llmfi_sys_quiet */
#endif
#endif

LLMFI_UNUSED static int llmfi_sys_error(void) {
#ifdef _WIN32
    return WSAGetLastError();
#else
    return errno;
#endif
}

/* "Not now" as against "broken". */
LLMFI_UNUSED static bool llmfi_sys_again(int error) {
#if !defined(_WIN32) && EAGAIN != EWOULDBLOCK
    if (error == EAGAIN) return true;
#endif
    return error == LLMFI_SYS_ERROR(EWOULDBLOCK) || error == LLMFI_SYS_ERROR(EINTR);
}

/* What `connect` says when it goes on in the background. */
LLMFI_UNUSED static bool llmfi_sys_connecting(int error) {
#ifdef _WIN32
    return error == WSAEWOULDBLOCK;
#else
    return error == EINPROGRESS || error == EINTR;
#endif
}

/* Never blocks, never raises SIGPIPE, is not inherited by a program that is started. */
LLMFI_UNUSED static bool llmfi_sys_quiet(intptr_t fd) {
#ifdef _WIN32
    u_long on = 1;
    return ioctlsocket((SOCKET)fd, FIONBIO, &on) == 0;
#else
    int flags = fcntl((int)fd, F_GETFL);
#ifdef SO_NOSIGPIPE
    int one = 1;
    (void)setsockopt((int)fd, SOL_SOCKET, SO_NOSIGPIPE, &one, sizeof one);
#endif
    return flags >= 0 && fcntl((int)fd, F_SETFL, flags | O_NONBLOCK) == 0 && fcntl((int)fd, F_SETFD, FD_CLOEXEC) == 0;
#endif
}

/* A TCP socket that is quiet, or LLMFI_NO_FD. */
LLMFI_UNUSED static intptr_t llmfi_sys_socket(int family, int type) {
    intptr_t fd;
#if defined(SOCK_NONBLOCK) && defined(SOCK_CLOEXEC) && defined(MSG_NOSIGNAL)
    fd = (intptr_t)socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
#else
    fd = (intptr_t)socket(family, type, 0);
    if (fd != LLMFI_NO_FD && !llmfi_sys_quiet(fd)) {
        LLMFI_SYS_CLOSE(fd);
        fd = LLMFI_NO_FD;
    }
#endif
    return fd;
}

/* What a failed system call means, in words that no locale changes; "" for what is too rare to have one. */
LLMFI_UNUSED static const char *llmfi_sys_words(int error) {
    static const struct { int error; const char *words; } table[] = {
        {LLMFI_SYS_ERROR(ECONNREFUSED), "connection refused: nothing listens there"},
        {LLMFI_SYS_ERROR(ECONNRESET), "connection reset by the other side"},
        {LLMFI_SYS_ERROR(ECONNABORTED), "connection aborted"},
        {LLMFI_SYS_ERROR(ETIMEDOUT), "no answer"},
        {LLMFI_SYS_ERROR(EHOSTUNREACH), "host unreachable"},
        {LLMFI_SYS_ERROR(ENETUNREACH), "network unreachable"},
        {LLMFI_SYS_ERROR(ENETDOWN), "network down"},
        {LLMFI_SYS_ERROR(EADDRNOTAVAIL), "no local address or port left"},
        {LLMFI_SYS_ERROR(EACCES), "not permitted"},
        {LLMFI_SYS_ERROR(EMFILE), "this process has no descriptors left"},
#ifndef _WIN32
        {EPIPE, "connection closed by the other side"},
        {EPERM, "not permitted"},
        {ENFILE, "the system has no descriptors left"},
        {ENOMEM, "the system has no memory left"},
#endif
        {LLMFI_SYS_ERROR(ENOBUFS), "the system has no memory left"},
        {LLMFI_SYS_ERROR(EAFNOSUPPORT), "no such kind of address here"},
    };
    size_t i;
    for (i = 0; i < LLMFI_COUNT(table); i++)
        if (table[i].error == error) return table[i].words;
    return "";
}

#endif
#endif

/* Ready descriptors that one question to the kernel may bring. */
#ifndef LLMFI_WATCH_BATCH
#define LLMFI_WATCH_BATCH 64
#endif

/* Embedded in whatever owns a descriptor: zeroed, then fd and ready set. */
typedef struct llmfi_watcher {
    intptr_t fd;
    int events;                                                    /* LLMF_FD_READ | LLMF_FD_WRITE wanted; 0: none for now */
    int armed;                                                     /* what the kernel was told (epoll) */
    bool linked;                                                   /* in the watch's list */
    void (*ready)(struct llmfi_watcher *w, int events);            /* may set and remove itself and others */
    struct llmfi_watcher *next, *prev;                             /* all that are watched */
} llmfi_watcher;

typedef struct llmfi_ready {
    llmfi_watcher *w;                                              /* NULL: removed meanwhile */
    int events;
} llmfi_ready;

typedef struct llmfi_watch {
    llmfi_heap *heap;
    llmfi_watcher *first;
    size_t count;                                                  /* in the list */
    llmfi_ready ready[LLMFI_WATCH_BATCH];
    size_t ready_at, ready_len;
    bool woken;                                                    /* llmfi_watch_wake was called: see llmfi_watch_woken */
    bool stopped;
#if LLMF_HAS_SOCKETS
    intptr_t wake_read, wake_write;                                /* the same one for an eventfd */
#if LLMF_HAS_EPOLL
    int epoll;
#else
    llmfi_pollfd *fds;                                             /* from the heap: the wake-up, then the list in order */
    llmfi_watcher **owner;
    size_t cap, turn;                                              /* turn: where the last question's service ended */
#endif
#endif
} llmfi_watch;

LLMFI_UNUSED static void llmfi_watch_link(llmfi_watch *watch, llmfi_watcher *w) {
    if (w->linked) return;
    w->prev = NULL;
    w->next = watch->first;
    if (w->next) w->next->prev = w;
    watch->first = w;
    w->linked = true;
    watch->count++;
}

static void llmfi_watch_unlink(llmfi_watch *watch, llmfi_watcher *w) {
    if (!w->linked) return;
    if (w->prev) w->prev->next = w->next;
    else watch->first = w->next;
    if (w->next) w->next->prev = w->prev;
    w->linked = false;
    watch->count--;
}

/* Takes a watcher out of what is still to be served. */
static void llmfi_watch_forget(llmfi_watch *watch, const llmfi_watcher *w) {
    size_t i;
    for (i = watch->ready_at; i < watch->ready_len; i++)
        if (watch->ready[i].w == w) watch->ready[i].w = NULL;
}

LLMFI_UNUSED static void llmfi_watch_found(llmfi_watch *watch, llmfi_watcher *w, int events) {
    watch->ready[watch->ready_len].w = w;
    watch->ready[watch->ready_len].events = events;
    watch->ready_len++;
}

/* ---- the wake-up ---- */

#if LLMF_HAS_SOCKETS && defined(_WIN32)
/* Pipes cannot be waited for together with sockets: a datagram socket that talks to itself. */
static bool llmfi_watch_wake_open(llmfi_watch *watch) {
    struct sockaddr_in here;
    int len = (int)sizeof here;
    intptr_t fd = llmfi_sys_socket(AF_INET, SOCK_DGRAM);
    watch->wake_read = watch->wake_write = fd;
    if (fd == LLMFI_NO_FD) return false;
    memset(&here, 0, sizeof here);
    here.sin_family = AF_INET;
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return !bind(LLMFI_SYS_FD(fd), (struct sockaddr *)&here, len) && !getsockname(LLMFI_SYS_FD(fd), (struct sockaddr *)&here, &len) &&
           !connect(LLMFI_SYS_FD(fd), (struct sockaddr *)&here, len);
}
#elif LLMF_HAS_SOCKETS && LLMF_HAS_EPOLL
static bool llmfi_watch_wake_open(llmfi_watch *watch) {
    watch->wake_read = watch->wake_write = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return watch->wake_read != LLMFI_NO_FD;
}
#elif LLMF_HAS_SOCKETS
static bool llmfi_watch_wake_open(llmfi_watch *watch) {
    int ends[2];
    if (pipe(ends)) return false;
    watch->wake_read = ends[0];
    watch->wake_write = ends[1];
    return llmfi_sys_quiet(ends[0]) && llmfi_sys_quiet(ends[1]);
}
#endif

/* From any thread, and from a signal handler: the wait under way, or the next one, returns at once. Many before it count as one. */
LLMFI_UNUSED static void llmfi_watch_wake(llmfi_watch *watch) {
#if LLMF_HAS_SOCKETS && defined(_WIN32)
    (void)send(LLMFI_SYS_FD(watch->wake_write), "", 1, 0);
#elif LLMF_HAS_SOCKETS
    static const uint64_t one = 1; /* eventfd takes nothing but eight bytes; a full pipe has woken already */
    int before = errno;
    ssize_t sent = write(LLMFI_SYS_FD(watch->wake_write), &one, sizeof one);
    (void)sent;
    errno = before;
#else
    watch->woken = true;
#endif
}

#if LLMF_HAS_SOCKETS
static void llmfi_watch_drain(llmfi_watch *watch) {
    char bytes[64];
    watch->woken = true;
#ifdef _WIN32
    while (recv(LLMFI_SYS_FD(watch->wake_read), bytes, (int)sizeof bytes, 0) > 0) continue;
#else
    while (read(LLMFI_SYS_FD(watch->wake_read), bytes, sizeof bytes) == (ssize_t)sizeof bytes) continue;
#endif
}
#endif

/* Was the watch woken since the last question? */
LLMFI_UNUSED static bool llmfi_watch_woken(llmfi_watch *watch) {
    bool woken = watch->woken;
    watch->woken = false;
    return woken;
}

/* ---- epoll ---- */

#if LLMF_HAS_SOCKETS && LLMF_HAS_EPOLL

static uint32_t llmfi_epoll_bits(int events) {
    return (events & LLMF_FD_READ ? (uint32_t)EPOLLIN : 0u) | (events & LLMF_FD_WRITE ? (uint32_t)EPOLLOUT : 0u);
}

/* Tells the kernel what w wants. The kernel drops a closed descriptor by itself, so it may know less, or more of a number used again. */
static bool llmfi_watch_arm(llmfi_watch *watch, llmfi_watcher *w) {
    struct epoll_event e;
    int fd = LLMFI_SYS_FD(w->fd), done;
    memset(&e, 0, sizeof e);
    e.events = llmfi_epoll_bits(w->events);
    e.data.ptr = w;
    if (!w->events) {
        done = w->armed ? epoll_ctl(watch->epoll, EPOLL_CTL_DEL, fd, &e) : 0;
        w->armed = 0;
        return true;
    }
    done = epoll_ctl(watch->epoll, w->armed ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &e);
    if (done && (errno == ENOENT || errno == EEXIST)) done = epoll_ctl(watch->epoll, errno == ENOENT ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &e);
    w->armed = done ? 0 : w->events;
    return !done;
}

LLMFI_UNUSED static bool llmfi_watch_init(llmfi_watch *watch, llmfi_heap *heap, size_t expected) {
    struct epoll_event e;
    (void)expected;
    memset(watch, 0, sizeof *watch);
    memset(&e, 0, sizeof e);
    watch->heap = heap;
    watch->wake_read = watch->wake_write = LLMFI_NO_FD;
    watch->epoll = epoll_create1(EPOLL_CLOEXEC);
    e.events = EPOLLIN;
    if (watch->epoll < 0 || !llmfi_watch_wake_open(watch)) return false;
    return epoll_ctl(watch->epoll, EPOLL_CTL_ADD, LLMFI_SYS_FD(watch->wake_read), &e) == 0;
}

LLMFI_UNUSED static void llmfi_watch_close(llmfi_watch *watch) {
    if (watch->wake_read != LLMFI_NO_FD) LLMFI_SYS_CLOSE(watch->wake_read);
    if (watch->epoll >= 0) close(watch->epoll);
    watch->wake_read = LLMFI_NO_FD;
    watch->epoll = -1;
}

/* Watches w for `events`, besides or instead of what it was watched for; 0 pauses. False: the system or the heap refused. */
LLMFI_UNUSED static bool llmfi_watch_set(llmfi_watch *watch, llmfi_watcher *w, int events) {
    w->events = events;
    if (!events && !w->linked) return true;
    llmfi_watch_link(watch, w);
    return !(events & ~w->armed) || llmfi_watch_arm(watch, w);
}

/* Before its descriptor is closed. Not watched: nothing. */
LLMFI_UNUSED static void llmfi_watch_remove(llmfi_watch *watch, llmfi_watcher *w) {
    w->events = 0;
    if (!w->linked) return;
    (void)llmfi_watch_arm(watch, w);
    llmfi_watch_unlink(watch, w);
    llmfi_watch_forget(watch, w);
}

/* The descriptors for somebody else's loop: the epoll descriptor stands for all of them and never changes. */
LLMFI_UNUSED static size_t llmfi_watch_list(const llmfi_watch *watch, llmf_fd *out, size_t cap) {
    if (cap) {
        out->fd = watch->epoll;
        out->events = LLMF_FD_READ;
    }
    return 1;
}

/* Asks the kernel. True: there may be more than fitted. */
static bool llmfi_watch_collect(llmfi_watch *watch, int timeout_ms) {
    struct epoll_event got[LLMFI_WATCH_BATCH];
    int n = epoll_wait(watch->epoll, got, LLMFI_WATCH_BATCH, timeout_ms), i;
    watch->ready_at = watch->ready_len = 0;
    for (i = 0; i < n; i++) {
        llmfi_watcher *w = (llmfi_watcher *)got[i].data.ptr;
        int events = (got[i].events & (uint32_t)EPOLLIN ? LLMF_FD_READ : 0) | (got[i].events & (uint32_t)EPOLLOUT ? LLMF_FD_WRITE : 0);
        if (got[i].events & (uint32_t)(EPOLLERR | EPOLLHUP)) events = LLMF_FD_READ | LLMF_FD_WRITE;
        if (!w) llmfi_watch_drain(watch);
        else if (events & w->events) llmfi_watch_found(watch, w, events);
        else (void)llmfi_watch_arm(watch, w); /* no longer wanted: now it would keep us awake */
    }
    return n == LLMFI_WATCH_BATCH;
}

/* ---- poll, WSAPoll ---- */

#elif LLMF_HAS_SOCKETS

static bool llmfi_watch_room(llmfi_watch *watch, size_t want) {
    size_t cap = want + want / 2 + 8;
    llmfi_pollfd *fds;
    llmfi_watcher **owner;
    if (want <= watch->cap) return true;
    fds = (llmfi_pollfd *)llmfi_heap_alloc(watch->heap, cap * sizeof *fds);
    owner = (llmfi_watcher **)llmfi_heap_alloc(watch->heap, cap * sizeof *owner);
    if (!fds || !owner) {
        llmfi_heap_free(watch->heap, fds);
        llmfi_heap_free(watch->heap, (void *)owner);
        return false;
    }
    llmfi_heap_free(watch->heap, watch->fds);
    llmfi_heap_free(watch->heap, (void *)watch->owner);
    watch->fds = fds;
    watch->owner = owner;
    watch->cap = cap;
    return true;
}

LLMFI_UNUSED static bool llmfi_watch_init(llmfi_watch *watch, llmfi_heap *heap, size_t expected) {
#ifdef _WIN32
    WSADATA data;
    if (WSAStartup(MAKEWORD(2, 2), &data)) return false; /* counted by the system; taken back at close */
#endif
    memset(watch, 0, sizeof *watch);
    watch->heap = heap;
    watch->wake_read = watch->wake_write = LLMFI_NO_FD;
    return llmfi_watch_wake_open(watch) && llmfi_watch_room(watch, expected < 65536 ? expected + 1 : 65536);
}

LLMFI_UNUSED static void llmfi_watch_close(llmfi_watch *watch) {
    if (watch->wake_read != LLMFI_NO_FD) LLMFI_SYS_CLOSE(watch->wake_read);
    if (watch->wake_write != watch->wake_read) LLMFI_SYS_CLOSE(watch->wake_write);
    watch->wake_read = watch->wake_write = LLMFI_NO_FD;
    llmfi_heap_free(watch->heap, watch->fds);
    llmfi_heap_free(watch->heap, (void *)watch->owner);
    watch->fds = NULL;
    watch->owner = NULL;
    watch->cap = 0;
#ifdef _WIN32
    WSACleanup();
#endif
}

LLMFI_UNUSED static bool llmfi_watch_set(llmfi_watch *watch, llmfi_watcher *w, int events) {
    if (!w->linked && events && !llmfi_watch_room(watch, watch->count + 2)) return false;
    w->events = events;
    if (events) llmfi_watch_link(watch, w);
    return true;
}

LLMFI_UNUSED static void llmfi_watch_remove(llmfi_watch *watch, llmfi_watcher *w) {
    w->events = 0;
    llmfi_watch_unlink(watch, w);
    llmfi_watch_forget(watch, w);
}

LLMFI_UNUSED static size_t llmfi_watch_list(const llmfi_watch *watch, llmf_fd *out, size_t cap) {
    const llmfi_watcher *w;
    size_t n = 1;
    if (cap) {
        out[0].fd = watch->wake_read;
        out[0].events = LLMF_FD_READ;
    }
    for (w = watch->first; w; w = w->next) {
        if (!w->events) continue;
        if (n < cap) {
            out[n].fd = w->fd;
            out[n].events = w->events;
        }
        n++;
    }
    return n;
}

/* Lays the list out for poll: how many. */
static size_t llmfi_watch_lay(llmfi_watch *watch) {
    llmfi_watcher *w;
    size_t n = 1;
    watch->fds[0].fd = LLMFI_SYS_FD(watch->wake_read);
    watch->fds[0].events = POLLIN;
    watch->fds[0].revents = 0;
    for (w = watch->first; w; w = w->next) {
        if (!w->events) continue;
        watch->fds[n].fd = LLMFI_SYS_FD(w->fd);
        watch->fds[n].events = (short)((w->events & LLMF_FD_READ ? POLLIN : 0) | (w->events & LLMF_FD_WRITE ? POLLOUT : 0));
        watch->fds[n].revents = 0;
        watch->owner[n++] = w;
    }
    return n;
}

static bool llmfi_watch_collect(llmfi_watch *watch, int timeout_ms) {
    size_t n = llmfi_watch_lay(watch), i;
    int got = LLMFI_SYS_POLL(watch->fds, n, timeout_ms);
    watch->ready_at = watch->ready_len = 0;
    if (got > 0 && watch->fds[0].revents) llmfi_watch_drain(watch);
    for (i = 1; got > 0 && i < n && watch->ready_len < LLMFI_WATCH_BATCH; i++) {
        size_t at = 1 + (i - 1 + watch->turn) % (n - 1);
        int bits = watch->fds[at].revents;
        int events = (bits & POLLIN ? LLMF_FD_READ : 0) | (bits & POLLOUT ? LLMF_FD_WRITE : 0);
        if (bits & (POLLERR | POLLHUP | POLLNVAL)) events = LLMF_FD_READ | LLMF_FD_WRITE;
        if (events) llmfi_watch_found(watch, watch->owner[at], events);
    }
    if (watch->ready_len < LLMFI_WATCH_BATCH) return false;
    watch->turn += i - 1;
    return true;
}

/* ---- no descriptors at all ---- */

#else

LLMFI_UNUSED static bool llmfi_watch_init(llmfi_watch *watch, llmfi_heap *heap, size_t expected) {
    (void)expected;
    memset(watch, 0, sizeof *watch);
    watch->heap = heap;
    return true;
}
LLMFI_UNUSED static void llmfi_watch_close(llmfi_watch *watch) {
    (void)watch;
}
LLMFI_UNUSED static bool llmfi_watch_set(llmfi_watch *watch, llmfi_watcher *w, int events) {
    (void)watch, (void)w;
    return !events;
}
LLMFI_UNUSED static void llmfi_watch_remove(llmfi_watch *watch, llmfi_watcher *w) {
    llmfi_watch_unlink(watch, w);
    llmfi_watch_forget(watch, w);
}
LLMFI_UNUSED static size_t llmfi_watch_list(const llmfi_watch *watch, llmf_fd *out, size_t cap) {
    (void)watch, (void)out, (void)cap;
    return 0;
}
static bool llmfi_watch_collect(llmfi_watch *watch, int timeout_ms) {
    (void)timeout_ms; /* nothing to sleep on: the caller's loop is the clock */
    watch->ready_at = watch->ready_len = 0;
    return false;
}

#endif

/* ---- waiting ---- */

/* Serves what is known to be ready, until it is used up or stop says so. */
static int llmfi_watch_serve(llmfi_watch *watch, bool (*stop)(void *), void *arg) {
    int served = 0;
    while (!watch->stopped && watch->ready_at < watch->ready_len) {
        llmfi_ready r = watch->ready[watch->ready_at++];
        if (!r.w || !(r.events & r.w->events)) continue;
        r.w->ready(r.w, r.events & r.w->events);
        served++;
        watch->stopped = stop && stop(arg);
    }
    return served;
}

/* Waits at most timeout_ms (below 0: for ever) until something is ready, and serves what is; `stop` (NULL: never) is asked after each. Returns how
   many were served. May return 0 early: a signal, a wake-up, an event that nobody wanted any more. Not to be called from a watcher. */
LLMFI_UNUSED static int llmfi_watch_wait(llmfi_watch *watch, int timeout_ms, bool (*stop)(void *), void *arg) {
    size_t most = watch->count + LLMFI_WATCH_BATCH; /* those that are ready without end must not keep us for ever */
    int served;
    bool more = true;
    watch->stopped = false;
    served = llmfi_watch_serve(watch, stop, arg);
    if (served) timeout_ms = 0;
    while (more && !watch->stopped && (size_t)served < most) {
        more = llmfi_watch_collect(watch, timeout_ms);
        timeout_ms = 0;
        served += llmfi_watch_serve(watch, stop, arg);
    }
    return served;
}

#endif

typedef struct llmfi_transport llmfi_transport;

struct llmf_exchange {
    llmf_http_request req;         /* set by the engine, in the call's memory until the end */
    llmfi_transport *by;           /* who carries it out; NULL before start and after the end */
    void *state;                   /* the transport's own: a connection, an easy handle */
    void *owner;                   /* the engine's call */
    uint64_t deadline_ns;          /* connect must be done by then (0: no limit); after `connected` the engine keeps time alone */
    struct llmf_exchange *next, *prev; /* the transport's own list */
};

/* What every transport is given at open and may use for its life. */
typedef struct llmfi_net {
    llmfi_heap *heap;
    llmfi_watch *watch;
    const llmf_desc *desc;         /* the factory's copy */
    char *recv;                    /* one shared read buffer of desc->recv_size bytes: its contents are dead once control returns */
    uint64_t (*now_ns)(const struct llmfi_net *net);
    uint64_t slice_end_ns;         /* the poll under way shall end by then; 0: no slice */
    uint64_t handed_on;            /* counts llmf_exchange_data calls: lets the poll see that something happened */
} llmfi_net;

struct llmfi_transport {
    const char *name;
    const char *why;               /* why `start` last refused: static text, what and what to change */
    llmfi_net *net;
    int (*start)(llmfi_transport *t, llmf_exchange *x);      /* LLMF_OK, or an llmf_result and no end */
    void (*cancel)(llmfi_transport *t, llmf_exchange *x);    /* closes the connection of an unfinished exchange */
    void (*resume)(llmfi_transport *t, llmf_exchange *x);    /* offers what llmf_exchange_data had not taken, then goes on reading */
    void (*tick)(llmfi_transport *t);                        /* each poll, before and after waiting: timers, queued starts, non-descriptor work; NULL: none */
    int64_t (*wait_ms)(llmfi_transport *t);                  /* asked after tick: how long poll may sleep for this transport's sake: -1 for ever, 0 not at all; NULL: for ever */
    void (*close)(llmfi_transport *t);
};

/* Above the public ones (llmf_exchange_read, _rewind, _status, _header, _data, _end), for built-in transports: the connection stands. */
static void llmfi_exchange_connected(llmf_exchange *x);
/* The factory's time is up for this poll. */
LLMFI_UNUSED static bool llmfi_slice_over(const llmfi_net *net) {
    return net->slice_end_ns && net->now_ns(net) >= net->slice_end_ns;
}

#endif

typedef struct llmfi_stream {
    llmf_stream_ops ops;
    int64_t (*wait_ms)(void *user, void *stream);            /* of a stream not yet connected: until `ready` has something to do besides its
                                                                descriptor; -1: nothing. NULL: only the descriptor tells */
    void (*why)(void *user, void *stream, llmfi_text *text); /* says what went wrong last; NULL: nothing more is known */
    int open_error;                                          /* llmf_result: what it means that `open` gives none */
    bool tls;                                                /* serves https */
    bool short_is_dry;                                       /* a read that fills less than its room has taken all there is */
} llmfi_stream;

#endif
/* One HTTP/1 reply out of bytes (RFC 9112), and the head of one request into bytes. No I/O: the transport feeds and reads.

   Where the RFC leaves a choice: a bare LF ends a line, as for curl; a CR without LF, a NUL, a blank before the colon and folded
   lines are refused; interim replies (1xx) are passed over, 101 is refused (nothing was offered); chunked wins over Content-Length, and
   then, as with any doubt about where the reply ends, the connection is not used again. Transfer codings other than chunked are refused. */
#ifndef LLMFI_WIRE_HTTP1_H
#define LLMFI_WIRE_HTTP1_H
/* What the decoders of this folder have in common. Each is pulled: it takes bytes from the front of its input and stops at the next
   item, so that the caller may stop between two. Nothing of the input is taken beyond the item; any split of the same bytes gives the
   same items. What is whole in the input is handed out as a view into it; only unfinished pieces are kept, up to a limit. */
#ifndef LLMFI_WIRE_PULL_H
#define LLMFI_WIRE_PULL_H

/* Bytes of one line of a stream. */
#ifndef LLMF_MAX_LINE
#define LLMF_MAX_LINE (8u << 20)
#endif
/* Bytes of one event of a stream. */
#ifndef LLMF_MAX_EVENT
#define LLMF_MAX_EVENT (16u << 20)
#endif
/* Bytes of all heads of one HTTP reply: interim ones, its own, its trailers. */
#ifndef LLMF_MAX_HEAD
#define LLMF_MAX_HEAD 65536u
#endif
/* Header lines of the same. */
#ifndef LLMF_MAX_HEADERS
#define LLMF_MAX_HEADERS 256u
#endif
/* An emptied buffer larger than this goes back to the heap, so that one long line does not cost a stream its memory for good. */
#ifndef LLMF_WIRE_KEEP
#define LLMF_WIRE_KEEP 4096u
#endif

enum { LLMFI_WIRE_ERROR = -1, LLMFI_WIRE_MORE = 0, LLMFI_WIRE_ITEM = 1 };

/* Why an LLMFI_WIRE_ERROR: it stays, each further call gives it again. */
enum {
    LLMFI_WIRE_FINE = 0,
    LLMFI_WIRE_MEMORY = 1,                   /* the heap refused */
    LLMFI_WIRE_LIMIT = 2,                    /* longer than the limit given at init */
    LLMFI_WIRE_BAD = 3,                      /* not the protocol */
    LLMFI_WIRE_CUT = 4                       /* the input ended too early */
};

LLMFI_UNUSED static void llmfi_wire_take(llmf_str *in, size_t n) {
    in->ptr += n;
    in->len -= n;
}

/* Adds a piece to what is kept of an unfinished line, which is never more than `limit`: LLMFI_WIRE_FINE, _LIMIT or _MEMORY.
   The limit is exact, unlike a buffer's own. */
LLMFI_UNUSED static int llmfi_wire_keep(llmfi_buf *b, llmf_str piece, size_t limit) {
    if (piece.len > limit - b->len) return LLMFI_WIRE_LIMIT;
    return llmfi_buf_add(b, piece.ptr, piece.len) ? LLMFI_WIRE_FINE : LLMFI_WIRE_MEMORY;
}

/* Empties a buffer whose contents are over. */
LLMFI_UNUSED static void llmfi_wire_drop(llmfi_buf *b) {
    b->len = 0;
    if (b->cap > LLMF_WIRE_KEEP) llmfi_buf_free(b);
}

#endif

/* Bytes of one chunk-size line; interim replies before the final one. */
#define LLMFI_HTTP1_SIZE_LINE 4096
#define LLMFI_HTTP1_INTERIM 16

/* What llmfi_http1_next gives. */
enum {
    LLMFI_HTTP1_ERROR = -1,                  /* error, what, error_at; stays */
    LLMFI_HTTP1_MORE = 0,                    /* the input is used up */
    LLMFI_HTTP1_STATUS = 1,                  /* status; value: the reason phrase */
    LLMFI_HTTP1_HEADER = 2,                  /* name, value */
    LLMFI_HTTP1_HEADERS_END = 3,             /* keep_alive and what ends the body are known */
    LLMFI_HTTP1_BODY = 4,                    /* body: a piece, in the input */
    LLMFI_HTTP1_TRAILER = 5,                 /* name, value: of no effect here */
    LLMFI_HTTP1_DONE = 6                     /* the reply is whole, the rest of the input is not of it; stays */
};

/* Where the reader stands. The first group reads lines, the second bytes. */
enum {
    LLMFI_HTTP1_AT_STATUS, LLMFI_HTTP1_AT_INTERIM, LLMFI_HTTP1_AT_HEADER, LLMFI_HTTP1_AT_TRAILER,
    LLMFI_HTTP1_AT_LENGTH, LLMFI_HTTP1_AT_CLOSE, LLMFI_HTTP1_AT_CHUNK,
    LLMFI_HTTP1_AT_CHUNK_CR, LLMFI_HTTP1_AT_CHUNK_LF,        /* behind the bytes of a chunk */
    LLMFI_HTTP1_AT_SIZE, LLMFI_HTTP1_AT_SIZE_MORE, LLMFI_HTTP1_AT_SIZE_PAD, LLMFI_HTTP1_AT_SIZE_EXT, LLMFI_HTTP1_AT_SIZE_LF,
    LLMFI_HTTP1_AT_DONE, LLMFI_HTTP1_AT_ERROR
};

typedef struct llmfi_http1 {
    llmfi_buf line;                          /* an unfinished line of the head */
    llmf_str name, value, body;              /* the item, until the next call; body also no longer than the bytes of the input are left alone */
    uint64_t at;                             /* bytes of this reply taken; 0: nothing has come yet */
    uint64_t left;                           /* bytes that the body (AT_LENGTH) or chunk (AT_CHUNK) still has; the chunk size while it is read */
    uint64_t budget;                         /* bytes that the body may still have by the limit */
    uint64_t length;                         /* Content-Length */
    uint64_t error_at;                       /* byte of this reply where the error is */
    const char *what;                        /* static text */
    size_t head_left;                        /* bytes that the head may still have */
    unsigned headers_left, interim_left, size_line;
    int state, status, error;                /* error: LLMFI_WIRE_… */
    bool keep_alive;                         /* from HEADERS_END on: the connection may serve another request after DONE. False at DONE when
                                                bytes follow that nobody asked for: the length given was too short */
    bool head_request, has_length, chunked, close, persist, http10, spent;
    bool controls;                           /* the line may hold control characters: look closer */
} llmfi_http1;

/* head_request: the reply has no body whatever it says. max_head: bytes of status lines, headers, trailers, 0 for LLMF_MAX_HEAD;
   max_body: bytes, 0 for no limit. Each reply begins with init, after free of the last. */
LLMFI_UNUSED static void llmfi_http1_init(llmfi_http1 *h, llmfi_heap *heap, bool head_request, size_t max_head, uint64_t max_body) {
    memset(h, 0, sizeof *h);
    llmfi_buf_init(&h->line, heap, 0);
    h->head_request = head_request;
    h->head_left = max_head ? max_head : LLMF_MAX_HEAD;
    h->headers_left = LLMF_MAX_HEADERS;
    h->interim_left = LLMFI_HTTP1_INTERIM;
    h->budget = max_body ? max_body : UINT64_MAX;
}

LLMFI_UNUSED static void llmfi_http1_free(llmfi_http1 *h) {
    llmfi_buf_free(&h->line);
}

static int llmfi_http1_fail(llmfi_http1 *h, int error, const char *what, uint64_t at) {
    h->state = LLMFI_HTTP1_AT_ERROR;
    h->error = error;
    h->what = what;
    h->error_at = at;
    h->keep_alive = false;
    return LLMFI_HTTP1_ERROR;
}

static int llmfi_http1_bad(llmfi_http1 *h, const char *what, uint64_t at) {
    return llmfi_http1_fail(h, LLMFI_WIRE_BAD, what, at);
}

static void llmfi_http1_take(llmfi_http1 *h, llmf_str *in, size_t n) {
    llmfi_wire_take(in, n);
    h->at += n;
}

/* ---- lines of the head ---- */

/* The LF that ends the line, or NULL. One pass finds it and tells whether a control character stands before it (in h->controls). */
static const char *llmfi_http1_line_end(llmfi_http1 *h, llmf_str in) {
    size_t i = 0;
    h->controls = h->line.len != 0;
    while ((i = llmfi_find_control(in, i)) != LLMFI_NOWHERE) {
        if (in.ptr[i] == '\r' && in.len - i > 1 && in.ptr[i + 1] == '\n') i++;
        if (in.ptr[i] == '\n') return in.ptr + i;
        h->controls = true;
        i++;
    }
    return NULL;
}

/* A whole line without its end: 1, and *start is the byte where it begins. Else 0, or an error. */
static int llmfi_http1_line(llmfi_http1 *h, llmf_str *in, llmf_str *line, uint64_t *start) {
    size_t n = in->len < h->head_left ? in->len : h->head_left;
    const char *lf = llmfi_http1_line_end(h, llmfi_str(in->ptr, n));
    llmf_str piece = llmfi_str(in->ptr, lf ? (size_t)(lf - in->ptr) + 1 : n);
    if (!lf && in->len > n) return llmfi_http1_fail(h, LLMFI_WIRE_LIMIT, "the head of the reply is longer than LLMF_MAX_HEAD", h->at + n);
    *start = h->at - h->line.len;
    if (!lf || h->line.len) {
        if (!llmfi_buf_add(&h->line, piece.ptr, piece.len)) return llmfi_http1_fail(h, LLMFI_WIRE_MEMORY, "no memory for a header", *start);
        *line = llmfi_buf_str(&h->line);
    } else {
        *line = piece;
    }
    h->head_left -= piece.len;
    llmfi_http1_take(h, in, piece.len);
    if (!lf) return 0;
    h->spent = h->line.len != 0;
    line->len--;
    if (line->len && line->ptr[line->len - 1] == '\r') line->len--;
    return 1;
}

/* Refuses what no part of a line may hold; other control characters are let through. */
static int llmfi_http1_clean(llmfi_http1 *h, llmf_str line, size_t from, uint64_t start) {
    size_t i = from;
    while (h->controls && (i = llmfi_find_control(line, i)) != LLMFI_NOWHERE) {
        if (!line.ptr[i]) return llmfi_http1_bad(h, "a NUL in the head of the reply", start + i);
        if (line.ptr[i] == '\r') return llmfi_http1_bad(h, "a CR without LF in the head of the reply", start + i);
        i++;
    }
    return 0;
}

/* The text from byte `at` on without the blanks around it. */
static llmf_str llmfi_http1_trim(llmf_str s, size_t at) {
    size_t end = s.len;
    while (at < end && (s.ptr[at] == ' ' || s.ptr[at] == '\t')) at++;
    while (end > at && (s.ptr[end - 1] == ' ' || s.ptr[end - 1] == '\t')) end--;
    return llmfi_str(s.ptr + at, end - at);
}

/* HTTP/1.x NNN [reason] */
static int llmfi_http1_status_line(llmfi_http1 *h, llmf_str line, uint64_t start) {
    static const char form[] = "HTTP/1.# ###";
    size_t i;
    for (i = 0; i < sizeof form - 1; i++)
        if (i >= line.len || (form[i] == '#' ? !llmfi_is_digit(line.ptr[i]) : line.ptr[i] != form[i]))
            return llmfi_http1_bad(h, "not an HTTP/1 reply", start + i);
    if (line.ptr[9] == '0' || (line.len > i && line.ptr[i] != ' ')) return llmfi_http1_bad(h, "not an HTTP status", start + (line.ptr[9] == '0' ? 9 : i));
    if (llmfi_http1_clean(h, line, i, start)) return LLMFI_HTTP1_ERROR;
    h->status = (line.ptr[9] - '0') * 100 + (line.ptr[10] - '0') * 10 + (line.ptr[11] - '0');
    h->http10 = line.ptr[7] == '0';
    h->value = llmfi_http1_trim(line, i);
    h->state = h->status < 200 ? LLMFI_HTTP1_AT_INTERIM : LLMFI_HTTP1_AT_HEADER;
    if (h->status == 101) return llmfi_http1_bad(h, "the server switched protocols unasked", start + 9);
    if (h->status < 200 && !h->interim_left--) return llmfi_http1_fail(h, LLMFI_WIRE_LIMIT, "more interim (1xx) replies than make sense", start);
    return h->status < 200 ? LLMFI_HTTP1_MORE : LLMFI_HTTP1_STATUS;
}

/* The next element of a comma-separated list, trimmed; false at its end. Empty ones are passed over. */
static bool llmfi_http1_element(llmf_str *list, llmf_str *element) {
    while (list->len) {
        size_t comma = llmfi_find_char(*list, ',');
        *element = llmfi_http1_trim(llmfi_str(list->ptr, comma == LLMFI_NOWHERE ? list->len : comma), 0);
        *list = llmfi_from(*list, comma == LLMFI_NOWHERE ? list->len : comma + 1);
        if (element->len) return true;
    }
    return false;
}

/* One number, or the same one several times: anything else would leave open where the reply ends. */
static int llmfi_http1_length(llmfi_http1 *h, llmf_str value, uint64_t at) {
    llmf_str list = value, number;
    bool any = false;
    while (llmfi_http1_element(&list, &number)) {
        uint64_t n = 0;
        size_t i;
        for (i = 0; i < number.len; i++) {
            unsigned digit = (unsigned)number.ptr[i] - '0';
            if (!llmfi_is_digit(number.ptr[i]) || n > (UINT64_MAX - digit) / 10) return llmfi_http1_bad(h, "Content-Length is not a number", at);
            n = n * 10 + digit;
        }
        if (h->has_length && n != h->length) return llmfi_http1_bad(h, "several Content-Length that differ", at);
        h->has_length = any = true;
        h->length = n;
    }
    return any ? 0 : llmfi_http1_bad(h, "Content-Length is not a number", at);
}

static int llmfi_http1_coding(llmfi_http1 *h, llmf_str value, uint64_t at) {
    llmf_str coding;
    while (llmfi_http1_element(&value, &coding)) {
        if (h->chunked) return llmfi_http1_bad(h, "chunked is not the last transfer coding", at);
        if (llmfi_eq_nocase(coding, LLMFI_LIT("chunked"))) h->chunked = true;
        else if (!llmfi_eq_nocase(coding, LLMFI_LIT("identity"))) return llmfi_http1_bad(h, "a transfer coding that was not asked for", at);
    }
    return 0;
}

static void llmfi_http1_connection(llmfi_http1 *h, llmf_str value) {
    llmf_str option;
    while (llmfi_http1_element(&value, &option)) {
        if (llmfi_eq_nocase(option, LLMFI_LIT("close"))) h->close = true;
        else if (llmfi_eq_nocase(option, LLMFI_LIT("keep-alive"))) h->persist = true;
    }
}

/* The headers that say where the reply ends and whether the connection lives on. */
static int llmfi_http1_framing_header(llmfi_http1 *h, uint64_t at) {
    if (h->name.len == 14 && llmfi_eq_nocase(h->name, LLMFI_LIT("content-length"))) return llmfi_http1_length(h, h->value, at);
    if (h->name.len == 17 && llmfi_eq_nocase(h->name, LLMFI_LIT("transfer-encoding"))) return llmfi_http1_coding(h, h->value, at);
    if (h->name.len == 10 && llmfi_eq_nocase(h->name, LLMFI_LIT("connection"))) llmfi_http1_connection(h, h->value);
    return 0;
}

/* name: value, in headers and trailers. 0 when it is good. */
static int llmfi_http1_field(llmfi_http1 *h, llmf_str line, uint64_t start) {
    size_t colon = llmfi_char_span(line, LLMFI_CHAR_TOKEN);
    if (!h->headers_left--) return llmfi_http1_fail(h, LLMFI_WIRE_LIMIT, "more headers in the reply than LLMF_MAX_HEADERS", start);
    if (colon == line.len) return llmfi_http1_bad(h, "a header without a colon", start + colon);
    if (llmfi_is_space(line.ptr[0])) return llmfi_http1_bad(h, "a folded header line", start);
    if (!colon || line.ptr[colon] != ':') return llmfi_http1_bad(h, "a character that no header name has", start + colon);
    if (llmfi_http1_clean(h, line, colon, start)) return LLMFI_HTTP1_ERROR;
    h->name = llmfi_str(line.ptr, colon);
    h->value = llmfi_http1_trim(line, colon + 1);
    return 0;
}

/* The blank line behind the headers: what ends the body, and may the connection be used again. */
static int llmfi_http1_headers_end(llmfi_http1 *h) {
    bool none = h->head_request || h->status == 204 || h->status == 304;
    h->keep_alive = !h->close && (!h->http10 || h->persist) && !(h->chunked && (h->has_length || h->http10));
    h->left = 0;
    if (none) {
        h->state = LLMFI_HTTP1_AT_DONE;
        if (h->status == 204 && (h->chunked || h->length)) h->keep_alive = false;
    } else if (h->chunked) {
        h->state = LLMFI_HTTP1_AT_SIZE;
    } else if (h->has_length) {
        if (h->length > h->budget) return llmfi_http1_fail(h, LLMFI_WIRE_LIMIT, "the body of the reply is longer than its limit", h->at);
        h->left = h->length;
        h->state = h->left ? LLMFI_HTTP1_AT_LENGTH : LLMFI_HTTP1_AT_DONE;
    } else {
        h->state = LLMFI_HTTP1_AT_CLOSE;
        h->keep_alive = false;
    }
    return LLMFI_HTTP1_HEADERS_END;
}

/* A blank line, in each of the states that read lines. MORE: go on. */
static int llmfi_http1_blank(llmfi_http1 *h, uint64_t start) {
    llmfi_buf_free(&h->line); /* a stream's body may last for minutes */
    h->spent = false;
    switch (h->state) {
    case LLMFI_HTTP1_AT_INTERIM: h->state = LLMFI_HTTP1_AT_STATUS; return LLMFI_HTTP1_MORE;
    case LLMFI_HTTP1_AT_HEADER: return llmfi_http1_headers_end(h);
    case LLMFI_HTTP1_AT_TRAILER: h->state = LLMFI_HTTP1_AT_DONE; return LLMFI_HTTP1_MORE;
    default: return llmfi_http1_bad(h, "not an HTTP/1 reply", start);
    }
}

/* One step over a line. MORE with input left: go on. */
static int llmfi_http1_head(llmfi_http1 *h, llmf_str *in) {
    llmf_str line;
    uint64_t start;
    int got = llmfi_http1_line(h, in, &line, &start);
    if (got <= 0) return got;
    if (!line.len) return llmfi_http1_blank(h, start);
    if (h->state == LLMFI_HTTP1_AT_STATUS) return llmfi_http1_status_line(h, line, start);
    if (llmfi_http1_field(h, line, start)) return LLMFI_HTTP1_ERROR;
    if (h->state == LLMFI_HTTP1_AT_INTERIM) return LLMFI_HTTP1_MORE;
    if (h->state == LLMFI_HTTP1_AT_TRAILER) return LLMFI_HTTP1_TRAILER;
    if (llmfi_http1_framing_header(h, start + (uint64_t)(h->value.ptr - line.ptr))) return LLMFI_HTTP1_ERROR;
    return LLMFI_HTTP1_HEADER;
}

/* ---- the body ---- */

static int llmfi_http1_piece(llmfi_http1 *h, llmf_str *in, int next) {
    size_t n = h->left < in->len ? (size_t)h->left : in->len;
    h->body = llmfi_str(in->ptr, n);
    h->left -= n;
    llmfi_http1_take(h, in, n);
    if (!h->left) h->state = next;
    return LLMFI_HTTP1_BODY;
}

/* A body that lasts until the connection closes. */
static int llmfi_http1_rest(llmfi_http1 *h, llmf_str *in) {
    size_t n = h->budget < in->len ? (size_t)h->budget : in->len;
    if (!n) return llmfi_http1_fail(h, LLMFI_WIRE_LIMIT, "the body of the reply is longer than its limit", h->at);
    h->body = llmfi_str(in->ptr, n);
    h->budget -= n;
    llmfi_http1_take(h, in, n);
    return LLMFI_HTTP1_BODY;
}

static int llmfi_http1_hex(char c) {
    char l = llmfi_lower(c);
    if (llmfi_is_digit(c)) return c - '0';
    return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

/* The LF behind a chunk size: the chunk begins, or the trailers. */
static int llmfi_http1_size_end(llmfi_http1 *h) {
    if (h->left > h->budget) return llmfi_http1_fail(h, LLMFI_WIRE_LIMIT, "the body of the reply is longer than its limit", h->at);
    h->budget -= h->left;
    h->size_line = 0;
    h->state = h->left ? LLMFI_HTTP1_AT_CHUNK : LLMFI_HTTP1_AT_TRAILER;
    return 0;
}

/* One byte of a chunk-size line: 0, or an error. The byte is taken already. */
static int llmfi_http1_size_byte(llmfi_http1 *h, char c) {
    int digit = llmfi_http1_hex(c);
    if (++h->size_line > LLMFI_HTTP1_SIZE_LINE) return llmfi_http1_fail(h, LLMFI_WIRE_LIMIT, "a chunk-size line is too long", h->at - 1);
    if (h->state <= LLMFI_HTTP1_AT_SIZE_MORE && digit >= 0) {
        if (h->left >> 60) return llmfi_http1_bad(h, "a chunk size does not fit in 64 bits", h->at - 1);
        h->left = h->left << 4 | (unsigned)digit;
        h->state = LLMFI_HTTP1_AT_SIZE_MORE;
        return 0;
    }
    if (h->state == LLMFI_HTTP1_AT_SIZE) return llmfi_http1_bad(h, "not a chunk size", h->at - 1);
    if (c == '\n') return llmfi_http1_size_end(h);
    if (h->state == LLMFI_HTTP1_AT_SIZE_LF) return llmfi_http1_bad(h, "a CR without LF in a chunk-size line", h->at - 1);
    if (c == '\r') h->state = LLMFI_HTTP1_AT_SIZE_LF;
    else if (h->state == LLMFI_HTTP1_AT_SIZE_EXT || c == ';') h->state = LLMFI_HTTP1_AT_SIZE_EXT;
    else if (c == ' ' || c == '\t') h->state = LLMFI_HTTP1_AT_SIZE_PAD;
    else return llmfi_http1_bad(h, "not a chunk size", h->at - 1);
    return 0;
}

/* The usual case at once: the bytes between two chunks, with a size of at most eight digits and no extension, lie whole in the input. Else takes nothing. */
static void llmfi_http1_between_fast(llmfi_http1 *h, llmf_str *in) {
    size_t skip = h->state == LLMFI_HTTP1_AT_CHUNK_CR ? 2 : 0, i = skip;
    uint64_t size = 0;
    int digit;
    if (in->len < skip + 10 || (skip && (in->ptr[0] != '\r' || in->ptr[1] != '\n'))) return;
    for (; i < skip + 8 && (digit = llmfi_http1_hex(in->ptr[i])) >= 0; i++) size = size << 4 | (unsigned)digit;
    if (i == skip || in->ptr[i] != '\r' || in->ptr[i + 1] != '\n') return;
    h->left = size;
    llmfi_http1_take(h, in, i + 2);
}

/* Between two chunks: up to the first byte of the next one, byte by byte where it must be. */
static int llmfi_http1_between(llmfi_http1 *h, llmf_str *in) {
    uint64_t before = h->at;
    if (h->state == LLMFI_HTTP1_AT_CHUNK_CR || h->state == LLMFI_HTTP1_AT_SIZE) llmfi_http1_between_fast(h, in);
    if (h->at != before) return llmfi_http1_size_end(h);
    while (in->len && h->state >= LLMFI_HTTP1_AT_CHUNK_CR) {
        char c = *in->ptr;
        llmfi_http1_take(h, in, 1);
        if (h->state >= LLMFI_HTTP1_AT_SIZE) {
            if (llmfi_http1_size_byte(h, c)) return LLMFI_HTTP1_ERROR;
        } else if (c == '\n') {
            h->state = LLMFI_HTTP1_AT_SIZE;
        } else if (c == '\r' && h->state == LLMFI_HTTP1_AT_CHUNK_CR) {
            h->state = LLMFI_HTTP1_AT_CHUNK_LF;
        } else {
            return llmfi_http1_bad(h, "a chunk is longer than its size", h->at - 1);
        }
    }
    return LLMFI_HTTP1_MORE;
}

/* ---- the reader ---- */

/* One of LLMFI_HTTP1_…; call it until MORE, DONE or ERROR. An empty input gives what needs no byte: DONE behind the last of a body. */
LLMFI_UNUSED static int llmfi_http1_next(llmfi_http1 *h, llmf_str *in) {
    int got = LLMFI_HTTP1_MORE;
    if (h->spent) llmfi_wire_drop(&h->line);
    h->spent = false;
    while (got == LLMFI_HTTP1_MORE) {
        if (h->state < LLMFI_HTTP1_AT_LENGTH && in->len) {
            got = llmfi_http1_head(h, in);
            if (h->spent && got == LLMFI_HTTP1_MORE) {
                llmfi_wire_drop(&h->line);
                h->spent = false;
            }
            continue;
        }
        if (h->state == LLMFI_HTTP1_AT_DONE) {
            if (in->len) h->keep_alive = false;
            return LLMFI_HTTP1_DONE;
        }
        if (h->state == LLMFI_HTTP1_AT_ERROR) return LLMFI_HTTP1_ERROR;
        if (!in->len) return LLMFI_HTTP1_MORE;
        if (h->state == LLMFI_HTTP1_AT_LENGTH) return llmfi_http1_piece(h, in, LLMFI_HTTP1_AT_DONE);
        if (h->state == LLMFI_HTTP1_AT_CHUNK) return llmfi_http1_piece(h, in, LLMFI_HTTP1_AT_CHUNK_CR);
        if (h->state == LLMFI_HTTP1_AT_CLOSE) return llmfi_http1_rest(h, in);
        got = llmfi_http1_between(h, in);
    }
    return got;
}

/* The connection closed, all bytes before it having been pulled: DONE when the reply was whole, else ERROR. */
LLMFI_UNUSED static int llmfi_http1_end(llmfi_http1 *h) {
    if (h->state == LLMFI_HTTP1_AT_ERROR) return LLMFI_HTTP1_ERROR;
    h->keep_alive = false;
    if (h->state == LLMFI_HTTP1_AT_DONE || h->state == LLMFI_HTTP1_AT_CLOSE) {
        h->state = LLMFI_HTTP1_AT_DONE;
        return LLMFI_HTTP1_DONE;
    }
    return llmfi_http1_fail(h, LLMFI_WIRE_CUT, h->at ? "the connection closed within the reply" : "the connection closed before a reply", h->at);
}

/* ---- the head of a request ---- */

typedef struct llmfi_http1_request {
    llmf_str method, target, host;           /* target: path and query, beginning with '/'; host: host[:port] */
    const llmf_header *headers;              /* without Host, Content-Length, Transfer-Encoding */
    size_t header_count;
    bool has_body;
    uint64_t content_length;                 /* of the body; 0 with has_body: "Content-Length: 0" */
} llmfi_http1_request;

/* NULL, or what must not be sent so. */
static const char *llmfi_http1_refuse(const llmfi_http1_request *r) {
    size_t i;
    if (llmfi_header_bad_name(r->method) != LLMFI_NOWHERE) return "the method is not one";
    if (!r->target.len || r->target.ptr[0] != '/' || llmfi_url_bad_char(r->target) != LLMFI_NOWHERE) return "the request target is not a path";
    if (!r->host.len || llmfi_url_bad_char(r->host) != LLMFI_NOWHERE) return "the host is not one";
    for (i = 0; i < r->header_count; i++) {
        llmf_str name = r->headers[i].name;
        if (llmfi_header_bad_name(name) != LLMFI_NOWHERE) return "a character that no header name has";
        if (llmfi_header_bad_value(r->headers[i].value) != LLMFI_NOWHERE) return "a control character in a header value";
        if ((name.len == 4 && llmfi_eq_nocase(name, LLMFI_LIT("host"))) || (name.len == 14 && llmfi_eq_nocase(name, LLMFI_LIT("content-length"))) ||
            (name.len == 17 && llmfi_eq_nocase(name, LLMFI_LIT("transfer-encoding"))))
            return "a header that the transport writes itself";
    }
    return NULL;
}

/* name: value CR LF, and the like. */
static bool llmfi_http1_add(llmfi_buf *out, llmf_str a, llmf_str b, llmf_str c, llmf_str d) {
    const size_t most = (size_t)-1 / 8;
    char *to;
    if (a.len > most || b.len > most || c.len > most || d.len > most || !llmfi_buf_reserve(out, a.len + b.len + c.len + d.len)) return false;
    to = out->ptr + out->len;
    memcpy(to, a.ptr, a.len);
    memcpy(to += a.len, b.ptr, b.len);
    if (c.len) memcpy(to + b.len, c.ptr, c.len);
    memcpy(to + b.len + c.len, d.ptr, d.len);
    out->len += a.len + b.len + c.len + d.len;
    return true;
}

/* The decimal digits of n at the end of `digits`. */
static llmf_str llmfi_http1_decimal(char digits[20], uint64_t n) {
    size_t i = 20;
    do digits[--i] = (char)('0' + n % 10);
    while (n /= 10);
    return llmfi_str(digits + i, 20 - i);
}

/* Adds the request's head to `out`: LLMFI_WIRE_FINE; _BAD with *what (static), or _MEMORY: then out is as it was. */
LLMFI_UNUSED static int llmfi_http1_write_head(llmfi_buf *out, const llmfi_http1_request *r, const char **what) {
    const llmf_str end = LLMFI_LIT("\r\n");
    size_t before = out->len, i;
    char digits[20];
    bool ok;
    *what = llmfi_http1_refuse(r);
    if (*what) return LLMFI_WIRE_BAD;
    ok = llmfi_http1_add(out, r->method, LLMFI_LIT(" "), r->target, LLMFI_LIT(" HTTP/1.1\r\n")) &&
         llmfi_http1_add(out, LLMFI_LIT("Host"), LLMFI_LIT(": "), r->host, end);
    for (i = 0; ok && i < r->header_count; i++) ok = llmfi_http1_add(out, r->headers[i].name, LLMFI_LIT(": "), r->headers[i].value, end);
    if (ok && r->has_body) ok = llmfi_http1_add(out, LLMFI_LIT("Content-Length"), LLMFI_LIT(": "), llmfi_http1_decimal(digits, r->content_length), end);
    if (ok && llmfi_buf_add(out, "\r\n", 2)) return LLMFI_WIRE_FINE;
    out->len = before;
    *what = "no memory for the request's head";
    return LLMFI_WIRE_MEMORY;
}

#endif

/* One read buffer's worth after the other is taken from one connection this often before the others have their turn. */
#define LLMFI_HTTP_READS 16
/* A connection idle for longer than this is looked at before it is used again, in nanoseconds. */
#define LLMFI_HTTP_STALE_NS 1000000000u

enum {
    LLMFI_CONN_DIAL = 0,                     /* being connected */
    LLMFI_CONN_START = 1,                    /* has an exchange, of which nothing was sent */
    LLMFI_CONN_BUSY = 2,
    LLMFI_CONN_IDLE = 3,
    LLMFI_CONN_DEAD = 4,                     /* closed; in no list */
    LLMFI_CONN_LISTS = 4
};

typedef struct llmfi_http llmfi_http;

typedef struct llmfi_conn {
    llmfi_watcher watch;                     /* first: the watcher is the connection */
    llmfi_http *http;
    struct llmfi_conn *next, *prev;          /* of the list of its state */
    llmf_exchange *x;                        /* NULL: idle, or cancelled */
    void *stream;
    char *host;                              /* behind this struct, with a NUL */
    llmf_str authority, target;              /* of x's URL */
    llmfi_http1 reply;
    llmfi_buf out;                           /* bytes that a write did not take, from out_at on */
    size_t out_at;
    llmfi_buf rest;                          /* what came while the call wanted no more: from rest_at on, the first rest_body bytes of it decoded */
    size_t rest_at, rest_body;
    uint64_t body_left;                      /* of the request, not yet fetched from the engine */
    uint64_t idle_ns;                        /* since when */
    unsigned serial;                         /* counts the exchanges: another one may stand at the same address */
    int state, port;
    bool tls;
    bool used;                               /* served an exchange before */
    bool sending, broken;                    /* broken: a write failed, only the reply is of interest */
    bool paused;                             /* the call has enough for now */
    bool again;                              /* was left with more to read */
    bool in_use;                             /* some function up the stack works on it */
} llmfi_conn;

typedef struct llmfi_conns {
    llmfi_conn *first, *last;
    size_t count;
} llmfi_conns;

struct llmfi_http {
    llmfi_transport t;                       /* first: the transport is the client */
    llmfi_stream stream;
    llmfi_conns list[LLMFI_CONN_LISTS];
    size_t count, most, most_idle;           /* connections there are, and may be */
    size_t blind;                            /* connections without a descriptor: looked after in each tick */
    llmf_exchange *first, *last;             /* those that wait for a connection; state: NULL, or the client itself: wants a fresh one */
    uint64_t now_ns;                         /* of the last tick */
    bool work;                               /* something may be started */
    bool again;                              /* some connection was left with more to read */
};

static void llmfi_conn_pump(llmfi_conn *c, int events);

/* ---- lists ---- */

static void llmfi_conn_leave(llmfi_conn *c) {
    llmfi_conns *l = &c->http->list[c->state];
    if (c->prev) c->prev->next = c->next;
    else l->first = c->next;
    if (c->next) c->next->prev = c->prev;
    else l->last = c->prev;
    l->count--;
}

static void llmfi_conn_join(llmfi_conn *c, int state) {
    llmfi_conns *l = &c->http->list[state];
    c->state = state;
    c->next = NULL;
    c->prev = l->last;
    if (l->last) l->last->next = c;
    else l->first = c;
    l->last = c;
    l->count++;
}

static void llmfi_conn_move(llmfi_conn *c, int state) {
    llmfi_conn_leave(c);
    llmfi_conn_join(c, state);
}

static void llmfi_http_unqueue(llmfi_http *h, llmf_exchange *x) {
    if (x->prev) x->prev->next = x->next;
    else h->first = x->next;
    if (x->next) x->next->prev = x->prev;
    else h->last = x->prev;
    x->next = x->prev = NULL;
}

static void llmfi_http_queue(llmfi_http *h, llmf_exchange *x) {
    x->next = NULL;
    x->prev = h->last;
    if (h->last) h->last->next = x;
    else h->first = x;
    h->last = x;
}

static void llmfi_http_queue_front(llmfi_http *h, llmf_exchange *x) {
    x->prev = NULL;
    x->next = h->first;
    if (h->first) h->first->prev = x;
    else h->last = x;
    h->first = x;
}

/* ---- the life of a connection ---- */

static void llmfi_conn_free(llmfi_conn *c) {
    llmfi_heap_free(c->http->t.net->heap, c);
}

/* Whoever works on a connection says so, and hears afterwards whether it is still there. */
static bool llmfi_conn_release(llmfi_conn *c, bool was) {
    c->in_use = was;
    if (c->state != LLMFI_CONN_DEAD) return true;
    if (!was) llmfi_conn_free(c);
    return false;
}

static void llmfi_conn_forget_exchange(llmfi_conn *c) {
    if (c->x) c->x->state = NULL;
    c->x = NULL;
    c->serial++;
    llmfi_http1_free(&c->reply);
    llmfi_buf_free(&c->out);
    llmfi_buf_free(&c->rest);
    c->out_at = c->rest_at = c->rest_body = 0;
    c->body_left = 0;
    c->sending = c->broken = c->paused = c->again = false;
}

static void llmfi_conn_close(llmfi_conn *c) {
    llmfi_http *h = c->http;
    if (c->state == LLMFI_CONN_DEAD) return;
    llmfi_conn_forget_exchange(c);
    llmfi_watch_remove(h->t.net->watch, &c->watch);
    if (c->watch.fd == -1) h->blind--;
    if (c->stream) h->stream.ops.close(h->stream.ops.user, c->stream);
    c->stream = NULL;
    llmfi_conn_leave(c);
    c->state = LLMFI_CONN_DEAD;
    h->count--;
    h->work = true;
    if (!c->in_use) llmfi_conn_free(c);
}

/* Watches the stream's descriptor for what the stream wants it for. `want` is what we do. */
static void llmfi_conn_watch(llmfi_conn *c, int want) {
    llmfi_http *h = c->http;
    llmfi_watch *watch = h->t.net->watch;
    intptr_t fd = -1;
    int events = want;
    if (h->stream.ops.fd) fd = h->stream.ops.fd(h->stream.ops.user, c->stream, &events);
    if (fd < 0) fd = -1;
    if (fd != c->watch.fd) {
        llmfi_watch_remove(watch, &c->watch);
        h->blind = h->blind + (fd == -1) - (c->watch.fd == -1);
        c->watch.fd = fd;
    }
    if (fd == -1 || llmfi_watch_set(watch, &c->watch, want ? events : 0)) return;
    llmfi_watch_remove(watch, &c->watch);
    c->watch.fd = -1; /* the system has no room for it: poll often instead */
    h->blind++;
}

static void llmfi_conn_ready(llmfi_watcher *w, int events) {
    llmfi_conn *c = (llmfi_conn *)(void *)w;
    if (!c->in_use) llmfi_conn_pump(c, events);
}

/* A connection in the making; NULL: no memory. */
static llmfi_conn *llmfi_conn_new(llmfi_http *h, const llmfi_url *url) {
    llmfi_conn *c = (llmfi_conn *)llmfi_heap_alloc(h->t.net->heap, sizeof *c + url->host.len + 1);
    if (!c) return NULL;
    memset(c, 0, sizeof *c);
    c->http = h;
    c->host = (char *)(void *)(c + 1);
    memcpy(c->host, url->host.ptr, url->host.len);
    c->host[url->host.len] = '\0';
    c->port = url->port;
    c->tls = llmfi_eq_nocase(url->scheme, LLMFI_LIT("https"));
    c->watch.fd = -1;
    c->watch.ready = llmfi_conn_ready;
    llmfi_buf_init(&c->out, h->t.net->heap, 0);
    llmfi_buf_init(&c->rest, h->t.net->heap, 0);
    llmfi_buf_init(&c->reply.line, h->t.net->heap, 0);
    llmfi_conn_join(c, LLMFI_CONN_DIAL);
    h->count++;
    h->blind++;
    return c;
}

/* ---- how an exchange ends ---- */

static void llmfi_conn_where(const llmfi_conn *c, llmfi_text *t) {
    llmfi_say_c(t, c->host);
    LLMFI_SAY(t, ":");
    llmfi_say_int(t, c->port);
    LLMFI_SAY(t, ": ");
}

/* Ends the exchange and the connection. */
static void llmfi_conn_fail(llmfi_conn *c, int result, const char *what, bool ask_stream) {
    llmf_exchange *x = c->x;
    llmfi_stream *s = &c->http->stream;
    char text[256];
    llmfi_text t = llmfi_text_in(text, sizeof text);
    size_t before;
    llmfi_conn_where(c, &t);
    llmfi_say_c(&t, what);
    before = t.len;
    if (ask_stream && *what) LLMFI_SAY(&t, ": ");
    if (ask_stream && s->why && c->stream) s->why(s->ops.user, c->stream, &t);
    if (ask_stream && *what && t.len == before + 2) text[before] = '\0';
    llmfi_conn_close(c);
    if (x) llmf_exchange_end(x, result, text);
}

/* The reply is whole. */
static void llmfi_conn_complete(llmfi_conn *c) {
    llmfi_http *h = c->http;
    llmf_exchange *x = c->x;
    if (c->reply.keep_alive && !c->sending && !c->broken && h->most_idle) {
        llmfi_conn_forget_exchange(c);
        c->used = true;
        c->idle_ns = h->now_ns;
        llmfi_conn_move(c, LLMFI_CONN_IDLE);
        h->work = true;
    } else {
        llmfi_conn_close(c);
    }
    llmf_exchange_end(x, LLMF_OK, NULL);
}

/* A kept connection that died before it said anything: the server had closed it meanwhile. Once more, on a fresh one. */
static void llmfi_conn_retry(llmfi_conn *c) {
    llmfi_http *h = c->http;
    llmf_exchange *x = c->x;
    llmfi_conn_close(c);
    llmf_exchange_rewind(x);
    x->state = h;
    llmfi_http_queue_front(h, x);
}

/* The stream has ended: got is LLMF_STREAM_END or minus an llmf_result. */
static void llmfi_conn_ended(llmfi_conn *c, int got) {
    if (got == LLMF_STREAM_END && llmfi_http1_end(&c->reply) == LLMFI_HTTP1_DONE) {
        llmfi_conn_complete(c);
    } else if (!c->reply.at && c->used) {
        llmfi_conn_retry(c);
    } else if (!c->reply.at) {
        llmfi_conn_fail(c, got == LLMF_STREAM_END ? LLMF_ERR_NETWORK : -got, "the connection ended before a reply came", got != LLMF_STREAM_END || c->broken);
    } else {
        llmfi_conn_fail(c, -got == LLMF_ERR_TLS ? LLMF_ERR_TLS : LLMF_ERR_TRUNCATED, "the connection ended within the reply", got != LLMF_STREAM_END);
    }
}

static void llmfi_conn_malformed(llmfi_conn *c) {
    int error = c->reply.error;
    llmfi_conn_fail(c, error == LLMFI_WIRE_MEMORY ? LLMF_ERR_MEMORY : error == LLMFI_WIRE_LIMIT ? LLMF_ERR_LIMIT : LLMF_ERR_PROTOCOL, c->reply.what, false);
}

/* ---- sending ---- */

/* The shared buffer as an llmfi_buf that cannot grow. */
static llmfi_buf llmfi_http_shared(const llmfi_net *net) {
    llmfi_buf b;
    llmfi_buf_init(&b, net->heap, 0);
    b.ptr = net->recv;
    b.cap = b.limit = net->desc->recv_size ? net->desc->recv_size : 16384;
    return b;
}

/* Fills the buffer up from the request's body. False: the exchange has ended. */
static bool llmfi_conn_fill(llmfi_conn *c, llmfi_buf *b) {
    unsigned serial = c->serial;
    while (c->body_left && b->len < b->cap) {
        size_t room = b->cap - b->len, n;
        if (room > c->body_left) room = (size_t)c->body_left;
        n = llmf_exchange_read(c->x, b->ptr + b->len, room);
        if (c->serial != serial) return false;
        if (!n || n > room) {
            llmfi_conn_fail(c, LLMF_ERR_ARGUMENT, "the request's body is shorter than was announced", false);
            return false;
        }
        b->len += n;
        c->body_left -= n;
    }
    return true;
}

/* Writes; what is not taken at once waits in c->out. False: the exchange has ended. */
static bool llmfi_conn_write(llmfi_conn *c, const char *bytes, size_t len) {
    llmf_stream_ops *ops = &c->http->stream.ops;
    size_t at = 0;
    while (at < len) {
        size_t piece = len - at < INT32_MAX ? len - at : INT32_MAX;
        int n = ops->write(ops->user, c->stream, bytes + at, piece);
        if (n < 0) {
            c->broken = true;
            c->sending = false;
            c->body_left = 0;
            return true; /* a server that refuses a body answers first and then closes: read on */
        }
        if (n == 0) break;
        at += (size_t)n;
        if ((size_t)n < piece) break;
    }
    if (at < len && !llmfi_buf_add(&c->out, bytes + at, len - at)) {
        llmfi_conn_fail(c, LLMF_ERR_MEMORY, "no memory for what is to be sent: raise memory_size", false);
        return false;
    }
    return true;
}

/* Writes what an earlier write left over: true when nothing of it remains. */
static bool llmfi_conn_flush(llmfi_conn *c) {
    llmf_stream_ops *ops = &c->http->stream.ops;
    while (c->out_at < c->out.len) {
        int n = ops->write(ops->user, c->stream, c->out.ptr + c->out_at, c->out.len - c->out_at);
        if (n < 0) {
            c->broken = true;
            c->body_left = 0;
            break;
        }
        if (n == 0) return false;
        c->out_at += (size_t)n;
    }
    llmfi_buf_free(&c->out);
    c->out_at = 0;
    return true;
}

/* Sends until nothing is left or the stream takes no more. False: the exchange has ended. */
static bool llmfi_conn_send(llmfi_conn *c) {
    while (c->sending) {
        llmfi_buf b = llmfi_http_shared(c->http->t.net);
        if (!llmfi_conn_flush(c)) return true;
        if (!c->body_left) {
            c->sending = false;
            return true;
        }
        if (!llmfi_conn_fill(c, &b) || !llmfi_conn_write(c, b.ptr, b.len)) return false;
    }
    return true;
}

/* The head, and as much of the body as fits behind it, in one write. The exchange may have ended afterwards. */
static void llmfi_conn_request(llmfi_conn *c) {
    llmf_exchange *x = c->x;
    llmfi_net *net = c->http->t.net;
    llmfi_buf b = llmfi_http_shared(net);
    llmfi_http1_request r;
    const char *what;
    char root[1024]; /* a query needs a path before it */
    int error;
    memset(&r, 0, sizeof r);
    r.method = x->req.method;
    r.target = c->target;
    if ((!c->target.len || c->target.ptr[0] != '/') && c->target.len < sizeof root) {
        root[0] = '/';
        if (c->target.len) memcpy(root + 1, c->target.ptr, c->target.len);
        r.target = llmfi_str(root, c->target.len + 1);
    }
    r.host = c->authority;
    r.headers = x->req.headers;
    r.header_count = x->req.header_count;
    r.content_length = c->body_left = x->req.body_len;
    r.has_body = x->req.body_len || !(LLMFI_IS(r.method, "GET") || LLMFI_IS(r.method, "HEAD"));
    llmfi_http1_init(&c->reply, net->heap, LLMFI_IS(r.method, "HEAD"), 0, net->desc->max_response);
    c->sending = true;
    error = llmfi_http1_write_head(&b, &r, &what);
    if (error == LLMFI_WIRE_MEMORY) error = llmfi_http1_write_head(&c->out, &r, &what); /* longer than the shared buffer */
    if (error) llmfi_conn_fail(c, error == LLMFI_WIRE_BAD ? LLMF_ERR_ARGUMENT : LLMF_ERR_MEMORY, what, false);
    else if (!b.len || (llmfi_conn_fill(c, &b) && llmfi_conn_write(c, b.ptr, b.len))) (void)llmfi_conn_send(c);
}

/* ---- receiving ---- */

/* The call took all but `body`, behind which `in` follows: keeps both. The exchange may have ended afterwards. */
static void llmfi_conn_hold(llmfi_conn *c, llmf_str body, llmf_str in) {
    const char *end = in.len ? in.ptr + in.len : body.ptr + body.len;
    c->paused = true;
    c->rest_body = body.len;
    if (c->rest.ptr && body.ptr >= c->rest.ptr && body.ptr < c->rest.ptr + c->rest.cap) {
        c->rest_at = (size_t)(body.ptr - c->rest.ptr);
        return;
    }
    c->rest_at = 0;
    if (!llmfi_buf_add(&c->rest, body.ptr, (size_t)(end - body.ptr)))
        llmfi_conn_fail(c, LLMF_ERR_MEMORY, "no memory for what the call has not yet taken: raise memory_size", false);
}

/* One item of the reply handed on. False: there is nothing more to do with this input. */
static bool llmfi_conn_item(llmfi_conn *c, int item, llmf_str in) {
    llmf_exchange *x = c->x;
    llmfi_http1 *r = &c->reply;
    unsigned serial = c->serial;
    size_t taken;
    switch (item) {
    case LLMFI_HTTP1_STATUS: llmf_exchange_status(x, r->status); break;
    case LLMFI_HTTP1_HEADER:
        if (r->name.len == 16 && llmfi_eq_nocase(r->name, LLMFI_LIT("content-encoding")) && r->value.len && !llmfi_eq_nocase(r->value, LLMFI_LIT("identity"))) {
            llmfi_conn_fail(c, LLMF_ERR_PROTOCOL, "the reply is compressed, which was not asked for", false);
            return false;
        }
        llmf_exchange_header(x, r->name, r->value);
        break;
    case LLMFI_HTTP1_BODY: {
        llmf_str body = r->body;
        taken = llmf_exchange_data(x, body.ptr, body.len);
        if (c->serial == serial && taken < body.len) llmfi_conn_hold(c, llmfi_from(body, taken), in);
        return c->serial == serial && !c->paused;
    }
    case LLMFI_HTTP1_HEADERS_END:
    case LLMFI_HTTP1_TRAILER: break;
    case LLMFI_HTTP1_DONE: llmfi_conn_complete(c); return false;
    default: llmfi_conn_malformed(c); return false;
    }
    return c->serial == serial;
}

static void llmfi_conn_feed(llmfi_conn *c, llmf_str in) {
    int item;
    do item = llmfi_http1_next(&c->reply, &in);
    while (item != LLMFI_HTTP1_MORE && llmfi_conn_item(c, item, in));
}

/* Reads what there is. */
static void llmfi_conn_receive(llmfi_conn *c) {
    llmfi_http *h = c->http;
    llmfi_net *net = h->t.net;
    llmfi_buf b = llmfi_http_shared(net);
    unsigned serial = c->serial;
    int reads;
    for (reads = 0; reads < LLMFI_HTTP_READS; reads++) {
        int n = h->stream.ops.read(h->stream.ops.user, c->stream, b.ptr, b.cap);
        if (n < 0) llmfi_conn_ended(c, n);
        if (n == 0 && c->broken) llmfi_conn_ended(c, -LLMF_ERR_NETWORK);
        if (n <= 0) return;
        llmfi_conn_feed(c, llmfi_str(b.ptr, (size_t)n));
        if (c->serial != serial || c->paused || (h->stream.short_is_dry && (size_t)n < b.cap)) return;
        if (llmfi_slice_over(net)) break;
    }
    c->again = h->again = true;
}

/* ---- the work on one connection ---- */

/* Further with connecting. True: it stands. */
static bool llmfi_conn_dial(llmfi_conn *c) {
    llmfi_http *h = c->http;
    llmf_stream_ops *ops = &h->stream.ops;
    int got;
    llmfi_watch_remove(h->t.net->watch, &c->watch); /* the stream may close it and open another of the same number */
    if (!c->stream) c->stream = ops->open(ops->user, c->host, c->port, c->tls);
    if (!c->stream) {
        llmfi_conn_fail(c, h->stream.open_error, h->stream.open_error == LLMF_ERR_MEMORY ? "no memory for a connection: raise memory_size" : "no stream could be opened", false);
        return false;
    }
    got = ops->ready ? ops->ready(ops->user, c->stream) : 1;
    if (got < 0) {
        llmfi_conn_fail(c, -got, "connect", true);
        return false;
    }
    if (got) {
        llmfi_conn_move(c, LLMFI_CONN_START);
        return true;
    }
    if (c->x->deadline_ns && h->t.net->now_ns(h->t.net) >= c->x->deadline_ns) {
        llmfi_conn_fail(c, LLMF_ERR_TIMEOUT, "connect: the time set for it (connect_ms) is over", false);
        return false;
    }
    llmfi_conn_watch(c, LLMF_FD_WRITE);
    return false;
}

/* The first bytes of an exchange. The exchange may have ended afterwards. */
static void llmfi_conn_begin(llmfi_conn *c) {
    unsigned serial = c->serial;
    llmfi_conn_move(c, LLMFI_CONN_BUSY);
    llmfi_exchange_connected(c->x);
    if (c->serial == serial) llmfi_conn_request(c);
}

static void llmfi_conn_work(llmfi_conn *c, int events) {
    unsigned serial = c->serial;
    if (c->state == LLMFI_CONN_IDLE) {
        llmfi_conn_close(c); /* nobody asked: the server has closed it, or is mad */
        return;
    }
    if (c->state == LLMFI_CONN_DIAL && !llmfi_conn_dial(c)) return;
    if (c->state == LLMFI_CONN_START) {
        llmfi_conn_begin(c);
        events = 0;
    }
    if (c->serial != serial) return;
    if ((events & LLMF_FD_WRITE) && c->sending && !llmfi_conn_send(c)) return;
    if (((events & LLMF_FD_READ) || c->broken) && !c->paused) llmfi_conn_receive(c);
}

/* Works on c and leaves it watched for what it needs next; c may be gone afterwards. */
static void llmfi_conn_pump(llmfi_conn *c, int events) {
    bool was = c->in_use;
    c->in_use = true;
    c->again = false;
    if (!c->http->stream.short_is_dry) events = LLMF_FD_READ | LLMF_FD_WRITE; /* what a descriptor is ready for need not be what the stream is */
    llmfi_conn_work(c, events);
    if (!llmfi_conn_release(c, was) || c->state == LLMFI_CONN_DIAL) return;
    llmfi_conn_watch(c, (c->paused ? 0 : LLMF_FD_READ) | (c->sending ? LLMF_FD_WRITE : 0));
}

/* ---- choosing a connection ---- */

/* A kept connection to the same server, the one used last first. */
static llmfi_conn *llmfi_http_kept(llmfi_http *h, const llmfi_url *url) {
    llmf_stream_ops *ops = &h->stream.ops;
    bool tls = llmfi_eq_nocase(url->scheme, LLMFI_LIT("https"));
    llmfi_conn *c, *before;
    for (c = h->list[LLMFI_CONN_IDLE].last; c; c = before) {
        char byte;
        before = c->prev;
        if (c->port != url->port || c->tls != tls || !llmfi_eq_nocase(llmfi_cstr(c->host), url->host)) continue;
        if (h->now_ns - c->idle_ns < LLMFI_HTTP_STALE_NS || ops->read(ops->user, c->stream, &byte, 1) == 0) return c;
        llmfi_conn_close(c);
    }
    return NULL;
}

/* Gives x a connection: LLMF_OK. Or -1: it must wait; or why it cannot. */
static int llmfi_http_place(llmfi_http *h, llmf_exchange *x) {
    llmfi_url url;
    llmfi_url_error bad;
    llmfi_conn *c;
    bool fresh = x->state == h;
    if (!llmfi_url_parse(x->req.url, &url, &bad) || !url.port) {
        h->t.why = "the URL is not one that begins with http:// or https://";
        return LLMF_ERR_ARGUMENT;
    }
    if (!h->stream.tls && llmfi_eq_nocase(url.scheme, LLMFI_LIT("https"))) {
        h->t.why = "the transport \"socket\" has no TLS: for https:// set transport to \"curl\" (LLMF_NO_CURL must not be set) or give a custom_stream";
        return LLMF_ERR_NOT_BUILT;
    }
    c = fresh ? NULL : llmfi_http_kept(h, &url);
    if (!c && h->count >= h->most && h->list[LLMFI_CONN_IDLE].first) llmfi_conn_close(h->list[LLMFI_CONN_IDLE].first);
    if (!c && h->count >= h->most) return -1;
    if (!c) {
        c = llmfi_conn_new(h, &url);
    } else {
        llmfi_conn_move(c, LLMFI_CONN_START);
    }
    h->t.why = "no memory for a connection: raise memory_size";
    if (!c) return LLMF_ERR_MEMORY;
    c->x = x;
    c->authority = url.authority;
    c->target = url.target;
    x->state = c;
    h->work = true;
    return LLMF_OK;
}

static int llmfi_http_start(llmfi_transport *t, llmf_exchange *x) {
    llmfi_http *h = (llmfi_http *)(void *)t;
    int got;
    x->state = NULL;
    h->now_ns = t->net->now_ns(t->net);
    got = h->first ? -1 : llmfi_http_place(h, x);
    if (got >= 0) return got;
    llmfi_http_queue(h, x);
    h->work = true;
    return LLMF_OK;
}

static void llmfi_http_cancel(llmfi_transport *t, llmf_exchange *x) {
    llmfi_http *h = (llmfi_http *)(void *)t;
    void *state = x->state;
    x->state = NULL;
    if (state && state != (void *)h) llmfi_conn_close((llmfi_conn *)state);
    else llmfi_http_unqueue(h, x);
}

/* ---- each poll ---- */

/* Those that wait, in their order, as long as there are connections. What waited starts its time to connect anew. */
static void llmfi_http_advance(llmfi_http *h) {
    while (h->first) {
        llmf_exchange *x = h->first;
        int got = llmfi_http_place(h, x);
        if (got < 0) return;
        if (x->req.connect_timeout_ms > 0) x->deadline_ns = h->now_ns + (uint64_t)x->req.connect_timeout_ms * 1000000u;
        llmfi_http_unqueue(h, x);
        if (got == LLMF_OK) continue;
        x->state = NULL;
        llmf_exchange_end(x, got, h->t.why);
    }
}

static bool llmfi_conn_due(const llmfi_conn *c) {
    const llmfi_stream *s = &c->http->stream;
    return c->watch.fd == -1 || (c->x->deadline_ns && c->http->now_ns >= c->x->deadline_ns) || (s->wait_ms && s->wait_ms(s->ops.user, c->stream) == 0);
}

/* Every connection of a list that `due` names, once; a callback may close any of them meanwhile. False: the slice ended it. */
static bool llmfi_http_serve(llmfi_http *h, int state, bool (*due)(const llmfi_conn *)) {
    size_t n = h->list[state].count;
    while (n-- && h->list[state].first) {
        llmfi_conn *c = h->list[state].first;
        llmfi_conn_move(c, state);
        if (!due(c)) continue;
        llmfi_conn_pump(c, LLMF_FD_READ | LLMF_FD_WRITE);
        if (llmfi_slice_over(h->t.net)) return false;
    }
    return true;
}

static bool llmfi_conn_always(const llmfi_conn *c) {
    return !c->in_use;
}

static bool llmfi_conn_unwatched(const llmfi_conn *c) {
    return !c->paused && (c->again || c->watch.fd == -1);
}

static void llmfi_http_tick(llmfi_transport *t) {
    llmfi_http *h = (llmfi_http *)(void *)t;
    if (!h->count && !h->first) return;
    h->now_ns = t->net->now_ns(t->net);
    if (h->again || (h->blind && h->list[LLMFI_CONN_BUSY].first)) {
        h->again = false;
        if (!llmfi_http_serve(h, LLMFI_CONN_BUSY, llmfi_conn_unwatched)) h->again = true;
    }
    if (h->work) {
        h->work = false;
        llmfi_http_advance(h);
        if (h->list[LLMFI_CONN_START].first) (void)llmfi_http_serve(h, LLMFI_CONN_START, llmfi_conn_always);
        while (h->list[LLMFI_CONN_IDLE].count > h->most_idle) llmfi_conn_close(h->list[LLMFI_CONN_IDLE].first);
    }
    if (h->list[LLMFI_CONN_DIAL].first) (void)llmfi_http_serve(h, LLMFI_CONN_DIAL, llmfi_conn_due);
}

/* The soonest of `ms` and what else the connection waits for. */
static int64_t llmfi_conn_wait_ms(const llmfi_conn *c, int64_t ms) {
    const llmfi_stream *s = &c->http->stream;
    uint64_t now = c->http->now_ns, end = c->x->deadline_ns;
    int64_t mine = s->wait_ms && c->stream ? s->wait_ms(s->ops.user, c->stream) : -1;
    if (!c->stream) return 0;
    if (c->watch.fd == -1 && (mine < 0 || mine > 10)) mine = 10;
    if (mine >= 0 && (ms < 0 || mine < ms)) ms = mine;
    if (!end) return ms;
    mine = now >= end ? 0 : (int64_t)((end - now + 999999) / 1000000);
    return ms < 0 || mine < ms ? mine : ms;
}

static int64_t llmfi_http_wait_ms(llmfi_transport *t) {
    llmfi_http *h = (llmfi_http *)(void *)t;
    const llmfi_conn *c;
    int64_t ms = -1;
    if (h->list[LLMFI_CONN_START].first) h->work = true; /* the slice was over */
    if (h->work || h->again) return 0;
    if (h->blind && h->list[LLMFI_CONN_BUSY].first) ms = 1;
    for (c = h->list[LLMFI_CONN_DIAL].first; c && ms; c = c->next) ms = llmfi_conn_wait_ms(c, ms);
    return ms;
}

/* The call wants more: first what is kept for it. The rest of the reading is the next poll's. */
static void llmfi_http_resume(llmfi_transport *t, llmf_exchange *x) {
    llmfi_http *h = (llmfi_http *)(void *)t;
    llmfi_conn *c = x->state && x->state != (void *)h ? (llmfi_conn *)x->state : NULL;
    unsigned serial;
    if (!c || !c->paused || c->in_use) return;
    serial = c->serial;
    c->in_use = true;
    c->paused = false;
    while (c->rest_body && !c->paused) {
        size_t taken = llmf_exchange_data(x, c->rest.ptr + c->rest_at, c->rest_body);
        if (c->serial != serial) break;
        c->paused = taken < c->rest_body;
        if (taken > c->rest_body) taken = c->rest_body;
        c->rest_at += taken;
        c->rest_body -= taken;
    }
    if (c->serial == serial && !c->paused) llmfi_conn_feed(c, llmfi_from(llmfi_buf_str(&c->rest), c->rest_at));
    if (c->serial == serial && !c->paused) {
        llmfi_buf_free(&c->rest);
        c->rest_at = 0;
        if (!h->stream.short_is_dry) c->again = h->again = true;
    }
    if (llmfi_conn_release(c, false)) llmfi_conn_watch(c, (c->paused ? 0 : LLMF_FD_READ) | (c->sending ? LLMF_FD_WRITE : 0));
}

static void llmfi_http_close(llmfi_transport *t) {
    llmfi_http *h = (llmfi_http *)(void *)t;
    int state;
    for (state = 0; state < LLMFI_CONN_LISTS; state++)
        while (h->list[state].first) llmfi_conn_close(h->list[state].first);
    llmfi_heap_free(t->net->heap, h);
}

/* A client over no stream yet: the caller sets h->stream. NULL: no memory. */
LLMFI_UNUSED static llmfi_http *llmfi_http_open(llmfi_net *net, const char *name) {
    llmfi_http *h = (llmfi_http *)llmfi_heap_alloc(net->heap, sizeof *h);
    if (!h) return NULL;
    memset(h, 0, sizeof *h);
    h->t.name = name;
    h->t.net = net;
    h->t.start = llmfi_http_start;
    h->t.cancel = llmfi_http_cancel;
    h->t.resume = llmfi_http_resume;
    h->t.tick = llmfi_http_tick;
    h->t.wait_ms = llmfi_http_wait_ms;
    h->t.close = llmfi_http_close;
    h->most = net->desc->max_connections > 0 ? (size_t)net->desc->max_connections : 100;
    h->most_idle = net->desc->max_idle < 0 ? 0 : net->desc->max_idle ? (size_t)net->desc->max_idle : 10;
    return h;
}

#endif

/* Our HTTP over desc->custom_stream. NULL: no memory. */
LLMFI_UNUSED static llmfi_transport *llmfi_stream_open(llmfi_net *net) {
    llmfi_http *h = llmfi_http_open(net, "custom_stream");
    if (!h) return NULL;
    h->stream.ops = *net->desc->custom_stream;
    h->stream.open_error = LLMF_ERR_NETWORK;
    h->stream.tls = true;
    return &h->t;
}

/* ---- an HTTP client of the user's ---- */

/* How often its poll runs while it may have something under way, in milliseconds: its descriptors are its own. */
#define LLMFI_CUSTOM_MS 1

typedef struct llmfi_custom {
    llmfi_transport t;
    llmf_exchange *first, *last;             /* to be started at the next tick: then all its callbacks come from there. Their state is this struct */
    bool any;                                /* something was started, ever */
} llmfi_custom;

static void llmfi_custom_unlink(llmfi_custom *c, llmf_exchange *x) {
    if (x->prev) x->prev->next = x->next;
    else c->first = x->next;
    if (x->next) x->next->prev = x->prev;
    else c->last = x->prev;
    x->next = x->prev = NULL;
    x->state = NULL;
}

static int llmfi_custom_start(llmfi_transport *t, llmf_exchange *x) {
    llmfi_custom *c = (llmfi_custom *)(void *)t;
    x->next = NULL;
    x->prev = c->last;
    if (c->last) c->last->next = x;
    else c->first = x;
    c->last = x;
    x->state = c;
    return LLMF_OK;
}

static void llmfi_custom_cancel(llmfi_transport *t, llmf_exchange *x) {
    llmfi_custom *c = (llmfi_custom *)(void *)t;
    const llmf_transport *user = t->net->desc->custom_transport;
    if (x->state == c) llmfi_custom_unlink(c, x);
    else if (user->cancel) user->cancel(user->user, x);
}

/* It offers the rest at its next poll by itself. */
static void llmfi_custom_resume(llmfi_transport *t, llmf_exchange *x) {
    (void)t, (void)x;
}

static void llmfi_custom_tick(llmfi_transport *t) {
    llmfi_custom *c = (llmfi_custom *)(void *)t;
    const llmf_transport *user = t->net->desc->custom_transport;
    while (c->first) {
        llmf_exchange *x = c->first;
        int got;
        llmfi_custom_unlink(c, x);
        c->any = true;
        got = user->start(user->user, x, &x->req);
        if (got != LLMF_OK) llmf_exchange_end(x, got, "the custom transport refused to start");
        if (llmfi_slice_over(t->net)) break;
    }
    if (c->any && user->poll) user->poll(user->user, 0);
}

static int64_t llmfi_custom_wait_ms(llmfi_transport *t) {
    llmfi_custom *c = (llmfi_custom *)(void *)t;
    if (c->first) return 0;
    return c->any && t->net->desc->custom_transport->poll ? LLMFI_CUSTOM_MS : -1;
}

static void llmfi_custom_close(llmfi_transport *t) {
    llmfi_heap_free(t->net->heap, t);
}

/* desc->custom_transport. NULL: no memory. */
LLMFI_UNUSED static llmfi_transport *llmfi_custom_open(llmfi_net *net) {
    llmfi_custom *c = (llmfi_custom *)llmfi_heap_alloc(net->heap, sizeof *c);
    if (!c) return NULL;
    memset(c, 0, sizeof *c);
    c->t.name = "custom";
    c->t.net = net;
    c->t.start = llmfi_custom_start;
    c->t.cancel = llmfi_custom_cancel;
    c->t.resume = llmfi_custom_resume;
    c->t.tick = llmfi_custom_tick;
    c->t.wait_ms = llmfi_custom_wait_ms;
    c->t.close = llmfi_custom_close;
    return &c->t;
}

#endif
/* The transport "echo": answers each exchange with status 200 and the request's own body. It stands behind URLs that begin with "mock:", so that the dialect
   mock can write its reply as its request. No descriptor, no clock. */
#ifndef LLMFI_NET_ECHO_H
#define LLMFI_NET_ECHO_H

/* Bytes of body that an exchange holds: read from the request, not yet taken by the reply. */
#define LLMFI_ECHO_PIECE 512

/* One exchange; in x->state. */
typedef struct llmfi_echoed {
    size_t at, len;                          /* bytes[at … len) wait to be taken */
    bool begun, paused, in_use, gone;        /* gone: cancelled or ended while in_use */
    char bytes[LLMFI_ECHO_PIECE];
} llmfi_echoed;

typedef struct llmfi_echo_transport {
    llmfi_transport t;
    llmf_exchange *first, *last;
    size_t count;
    bool more;                               /* something could be given that was not: a new exchange, or the slice was over */
} llmfi_echo_transport;

static void llmfi_echo_unlink(llmfi_echo_transport *e, llmf_exchange *x) {
    if (x->prev) x->prev->next = x->next;
    else e->first = x->next;
    if (x->next) x->next->prev = x->prev;
    else e->last = x->prev;
    e->count--;
}

static void llmfi_echo_link(llmfi_echo_transport *e, llmf_exchange *x) {
    x->next = NULL;
    x->prev = e->last;
    if (e->last) e->last->next = x;
    else e->first = x;
    e->last = x;
    e->count++;
}

static int llmfi_echo_start(llmfi_transport *t, llmf_exchange *x) {
    llmfi_echo_transport *e = (llmfi_echo_transport *)(void *)t;
    llmfi_echoed *p = (llmfi_echoed *)llmfi_heap_alloc(t->net->heap, sizeof *p);
    t->why = "no memory for an exchange: raise memory_size";
    if (!p) return LLMF_ERR_MEMORY;
    memset(p, 0, sizeof *p);
    x->state = p;
    llmfi_echo_link(e, x);
    e->more = true;
    return LLMF_OK;
}

/* Out of the list; the memory goes when nobody works on it. */
static void llmfi_echo_leave(llmfi_echo_transport *e, llmf_exchange *x) {
    llmfi_echoed *p = (llmfi_echoed *)x->state;
    llmfi_echo_unlink(e, x);
    x->state = NULL;
    p->gone = true;
    if (!p->in_use) llmfi_heap_free(e->t.net->heap, p);
}

static void llmfi_echo_cancel(llmfi_transport *t, llmf_exchange *x) {
    llmfi_echo_leave((llmfi_echo_transport *)(void *)t, x);
}

/* Status and headers. False: x has gone. */
static bool llmfi_echo_begin(llmf_exchange *x, llmfi_echoed *p) {
    p->begun = true;
    llmfi_exchange_connected(x);
    if (!p->gone) llmf_exchange_status(x, 200);
    if (!p->gone) llmf_exchange_header(x, LLMFI_LIT("content-type"), LLMFI_LIT("application/x-ndjson"));
    return !p->gone;
}

/* Offers what waits, reading on where nothing does. False: x has gone, has enough for now, or is complete. */
static bool llmfi_echo_give(llmfi_echo_transport *e, llmf_exchange *x, llmfi_echoed *p) {
    size_t taken;
    if (p->at == p->len) {
        p->at = 0;
        p->len = llmf_exchange_read(x, p->bytes, sizeof p->bytes);
        if (!p->len) {
            llmfi_echo_leave(e, x);
            llmf_exchange_end(x, LLMF_OK, NULL);
            return false;
        }
    }
    taken = llmf_exchange_data(x, p->bytes + p->at, p->len - p->at);
    if (p->gone) return false;
    p->at += taken < p->len - p->at ? taken : p->len - p->at;
    p->paused = p->at < p->len;
    return !p->paused;
}

/* Until the end, a call that has enough, or the end of the slice. */
static void llmfi_echo_play(llmfi_echo_transport *e, llmf_exchange *x) {
    llmfi_echoed *p = (llmfi_echoed *)x->state;
    bool on = true;
    if (p->paused || p->in_use) return;
    p->in_use = true;
    if (!p->begun) on = llmfi_echo_begin(x, p);
    while (on && (on = llmfi_echo_give(e, x, p)) && !llmfi_slice_over(e->t.net)) continue;
    if (on) e->more = true;
    p->in_use = false;
    if (p->gone) llmfi_heap_free(e->t.net->heap, p);
}

static void llmfi_echo_resume(llmfi_transport *t, llmf_exchange *x) {
    llmfi_echoed *p = (llmfi_echoed *)x->state;
    if (!p || p->in_use) return;
    p->paused = false;
    llmfi_echo_play((llmfi_echo_transport *)(void *)t, x);
}

/* Each exchange in turn: who was served last stands at the end of the line. */
static void llmfi_echo_tick(llmfi_transport *t) {
    llmfi_echo_transport *e = (llmfi_echo_transport *)(void *)t;
    size_t n = e->count;
    if (!e->more) return;
    e->more = false;
    while (n-- && e->first) {
        llmf_exchange *x = e->first;
        llmfi_echo_unlink(e, x);
        llmfi_echo_link(e, x);
        llmfi_echo_play(e, x);
        if (n && llmfi_slice_over(t->net)) {
            e->more = true;
            return;
        }
    }
}

static int64_t llmfi_echo_wait_ms(llmfi_transport *t) {
    return ((llmfi_echo_transport *)(void *)t)->more ? 0 : -1;
}

static void llmfi_echo_close(llmfi_transport *t) {
    llmfi_echo_transport *e = (llmfi_echo_transport *)(void *)t;
    while (e->first) llmfi_echo_leave(e, e->first);
    llmfi_heap_free(t->net->heap, e);
}

/* NULL: no memory. */
LLMFI_UNUSED static llmfi_transport *llmfi_echo_open(llmfi_net *net) {
    llmfi_echo_transport *e = (llmfi_echo_transport *)llmfi_heap_alloc(net->heap, sizeof *e);
    if (!e) return NULL;
    memset(e, 0, sizeof *e);
    e->t.name = "echo";
    e->t.net = net;
    e->t.start = llmfi_echo_start;
    e->t.cancel = llmfi_echo_cancel;
    e->t.resume = llmfi_echo_resume;
    e->t.tick = llmfi_echo_tick;
    e->t.wait_ms = llmfi_echo_wait_ms;
    e->t.close = llmfi_echo_close;
    return &e->t;
}

#endif
/* The transport "replay": plays a recorded reply to each exchange, in pieces of any size and with faults at any byte. No descriptor, no clock:
   the same recording gives the same pieces each time. */
#ifndef LLMFI_NET_REPLAY_H
#define LLMFI_NET_REPLAY_H

#if LLMF_HAS_REPLAY

/* One exchange; in x->state. */
typedef struct llmfi_play {
    const llmf_recording *recording;         /* NULL: there was none at the start */
    uint64_t at, random;                     /* bytes given; state of the generator */
    size_t piece;                            /* bytes left of the piece that is being given */
    bool begun, paused, stalled, in_use, gone; /* gone: cancelled or ended while in_use */
} llmfi_play;

typedef struct llmfi_replay_transport {
    llmfi_transport t;
    const llmf_recording *recording;
    llmf_exchange *first, *last;
    size_t count;
    bool more;                               /* the slice was over before everything that could be given was */
} llmfi_replay_transport;

/* For every exchange that starts from now on; borrowed until they have ended. */
LLMFI_UNUSED static void llmfi_replay_set(llmfi_transport *t, const llmf_recording *recording) {
    ((llmfi_replay_transport *)(void *)t)->recording = recording;
}

static void llmfi_replay_unlink(llmfi_replay_transport *r, llmf_exchange *x) {
    if (x->prev) x->prev->next = x->next;
    else r->first = x->next;
    if (x->next) x->next->prev = x->prev;
    else r->last = x->prev;
    r->count--;
}

static void llmfi_replay_link(llmfi_replay_transport *r, llmf_exchange *x) {
    x->next = NULL;
    x->prev = r->last;
    if (r->last) r->last->next = x;
    else r->first = x;
    r->last = x;
    r->count++;
}

static int llmfi_replay_start(llmfi_transport *t, llmf_exchange *x) {
    llmfi_replay_transport *r = (llmfi_replay_transport *)(void *)t;
    llmfi_play *p;
    t->why = "the transport \"replay\" has nothing to play: call llmf_replay first";
    if (!r->recording) return LLMF_ERR_ARGUMENT;
    t->why = "no memory for a replay: raise memory_size";
    p = (llmfi_play *)llmfi_heap_alloc(t->net->heap, sizeof *p);
    if (!p) return LLMF_ERR_MEMORY;
    memset(p, 0, sizeof *p);
    p->recording = r->recording;
    p->random = r->recording->seed;
    x->state = p;
    llmfi_replay_link(r, x);
    r->more = true;
    return LLMF_OK;
}

/* Out of the list; the memory goes when nobody works on it. */
static void llmfi_replay_leave(llmfi_replay_transport *r, llmf_exchange *x) {
    llmfi_play *p = (llmfi_play *)x->state;
    llmfi_replay_unlink(r, x);
    x->state = NULL;
    p->gone = true;
    if (!p->in_use) llmfi_heap_free(r->t.net->heap, p);
}

static void llmfi_replay_cancel(llmfi_transport *t, llmf_exchange *x) {
    llmfi_replay_leave((llmfi_replay_transport *)(void *)t, x);
}

/* splitmix64: any seed is a good one. */
static uint64_t llmfi_replay_random(uint64_t *state) {
    uint64_t z = (*state += UINT64_C(0x9E3779B97F4A7C15));
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

/* Bytes up to the next fault or the end. */
static uint64_t llmfi_replay_room(const llmfi_play *p) {
    const llmf_recording *r = p->recording;
    uint64_t end = r->body.len;
    if (r->cut_at && r->cut_at - 1 < end) end = r->cut_at - 1;
    if (r->reset_at && r->reset_at - 1 < end) end = r->reset_at - 1;
    if (r->stall_at && r->stall_at - 1 < end) end = r->stall_at - 1;
    return end - p->at;
}

static size_t llmfi_replay_piece(llmfi_play *p) {
    const llmf_recording *r = p->recording;
    uint64_t room = llmfi_replay_room(p), want = r->chunk ? r->chunk : room;
    if (r->seed) want = 1 + llmfi_replay_random(&p->random) % (r->chunk ? r->chunk : 64);
    return (size_t)(want < room ? want : room);
}

/* What stands behind the last byte given. */
static void llmfi_replay_finish(llmfi_replay_transport *r, llmf_exchange *x) {
    llmfi_play *p = (llmfi_play *)x->state;
    const llmf_recording *rec = p->recording;
    uint64_t next = p->at + 1;
    if (rec->stall_at == next) {
        p->stalled = true;
        return;
    }
    llmfi_replay_leave(r, x);
    if (rec->reset_at == next && rec->cut_at != next) llmf_exchange_end(x, LLMF_ERR_TRUNCATED, "replay: the connection was reset within the reply");
    else llmf_exchange_end(x, LLMF_OK, NULL);
}

/* Status and headers. False: x has gone. */
static bool llmfi_replay_begin(llmf_exchange *x, llmfi_play *p) {
    const llmf_recording *rec = p->recording;
    size_t i;
    p->begun = true;
    llmfi_exchange_connected(x);
    if (!p->gone) llmf_exchange_status(x, rec->status ? rec->status : 200);
    for (i = 0; i < rec->header_count && !p->gone; i++) llmf_exchange_header(x, rec->headers[i].name, rec->headers[i].value);
    return !p->gone;
}

/* Plays on until the end, a stall, a call that has enough, or the end of the slice. */
static void llmfi_replay_play(llmfi_replay_transport *r, llmf_exchange *x) {
    llmfi_play *p = (llmfi_play *)x->state;
    bool on = true;
    if (p->paused || p->stalled || p->in_use) return;
    p->in_use = true;
    if (!p->begun) on = llmfi_replay_begin(x, p);
    while (on && !p->paused) {
        size_t taken;
        if (!p->piece) p->piece = llmfi_replay_piece(p);
        if (!p->piece) break;
        taken = llmf_exchange_data(x, p->recording->body.ptr + p->at, p->piece);
        if (p->gone) break;
        if (taken > p->piece) taken = p->piece;
        p->at += taken;
        p->piece -= taken;
        p->paused = p->piece != 0;
        on = !llmfi_slice_over(r->t.net);
    }
    if (!on && !p->gone && !p->paused) r->more = true;
    if (on && !p->gone && !p->paused) llmfi_replay_finish(r, x);
    p->in_use = false;
    if (p->gone) llmfi_heap_free(r->t.net->heap, p);
}

static void llmfi_replay_resume(llmfi_transport *t, llmf_exchange *x) {
    llmfi_play *p = (llmfi_play *)x->state;
    if (!p || p->in_use) return;
    p->paused = false;
    llmfi_replay_play((llmfi_replay_transport *)(void *)t, x);
}

/* Each exchange in turn: who was served last is first in no line. */
static void llmfi_replay_tick(llmfi_transport *t) {
    llmfi_replay_transport *r = (llmfi_replay_transport *)(void *)t;
    size_t n = r->count;
    if (!r->more) return;
    r->more = false;
    while (n-- && r->first) {
        llmf_exchange *x = r->first;
        llmfi_replay_unlink(r, x);
        llmfi_replay_link(r, x);
        llmfi_replay_play(r, x);
        if (n && llmfi_slice_over(t->net)) {
            r->more = true;
            return;
        }
    }
}

static int64_t llmfi_replay_wait_ms(llmfi_transport *t) {
    return ((llmfi_replay_transport *)(void *)t)->more ? 0 : -1;
}

static void llmfi_replay_close(llmfi_transport *t) {
    llmfi_replay_transport *r = (llmfi_replay_transport *)(void *)t;
    while (r->first) llmfi_replay_leave(r, r->first);
    llmfi_heap_free(t->net->heap, r);
}

/* NULL: no memory. */
LLMFI_UNUSED static llmfi_transport *llmfi_replay_open(llmfi_net *net) {
    llmfi_replay_transport *r = (llmfi_replay_transport *)llmfi_heap_alloc(net->heap, sizeof *r);
    if (!r) return NULL;
    memset(r, 0, sizeof *r);
    r->t.name = "replay";
    r->t.net = net;
    r->t.start = llmfi_replay_start;
    r->t.cancel = llmfi_replay_cancel;
    r->t.resume = llmfi_replay_resume;
    r->t.tick = llmfi_replay_tick;
    r->t.wait_ms = llmfi_replay_wait_ms;
    r->t.close = llmfi_replay_close;
    return &r->t;
}

#endif
#endif
#if LLMF_HAS_REPLAY
#define LLMFI_LIST_REPLAY " replay"
#else
#define LLMFI_LIST_REPLAY ""
#endif
#if LLMF_HAS_SOCKET
/* The transport "socket": our HTTP over plain TCP. No TLS, no proxy, no allocation outside the heap. */
#ifndef LLMFI_NET_SOCKET_H
#define LLMFI_NET_SOCKET_H
/* A byte stream over a TCP socket. A host's addresses are tried in turn: the next one when one fails or has not answered for a quarter of a
   second, the first that answers wins (RFC 8305). */
#ifndef LLMFI_NET_STREAM_SOCKET_H
#define LLMFI_NET_STREAM_SOCKET_H
/* A host's addresses. Literals and localhost never leave the process; else the caller's hook, which may say "not yet", or getaddrinfo, which
   may block for a look-up. */
#ifndef LLMFI_NET_RESOLVE_H
#define LLMFI_NET_RESOLVE_H

#if LLMF_HAS_SOCKETS

/* Addresses of one host that are tried. */
#ifndef LLMFI_MAX_ADDRESSES
#define LLMFI_MAX_ADDRESSES 8
#endif

typedef struct llmfi_address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } at;
    int family;
} llmfi_address;

typedef struct llmfi_addresses {
    llmfi_address list[LLMFI_MAX_ADDRESSES];
    int count;
} llmfi_addresses;

static socklen_t llmfi_address_len(const llmfi_address *a) {
    return (socklen_t)(a->family == AF_INET6 ? sizeof a->at.v6 : sizeof a->at.v4);
}

/* "127.0.0.1", "::1": adds it; false when it is none. */
static bool llmfi_address_add(llmfi_addresses *all, const char *text, int port) {
    llmfi_address *a = &all->list[all->count];
    if (all->count == LLMFI_MAX_ADDRESSES) return false;
    memset(a, 0, sizeof *a);
    if (inet_pton(AF_INET, text, &a->at.v4.sin_addr) == 1) {
        a->family = AF_INET;
        a->at.v4.sin_family = AF_INET;
        a->at.v4.sin_port = htons((uint16_t)port);
    } else if (inet_pton(AF_INET6, text, &a->at.v6.sin6_addr) == 1) {
        a->family = AF_INET6;
        a->at.v6.sin6_family = AF_INET6;
        a->at.v6.sin6_port = htons((uint16_t)port);
    } else {
        return false;
    }
    all->count++;
    return true;
}

/* localhost and names under it (RFC 6761, 6.3), with or without the root's dot. */
static bool llmfi_is_localhost(const char *host) {
    static const llmf_str name = {"localhost", 9};
    llmf_str h = llmfi_cstr(host);
    if (h.len && h.ptr[h.len - 1] == '.') h.len--;
    if (h.len < name.len || !llmfi_eq_nocase(llmfi_from(h, h.len - name.len), name)) return false;
    return h.len == name.len || h.ptr[h.len - name.len - 1] == '.';
}

static int llmfi_resolve_hook(const llmfi_net *net, const char *host, int port, llmfi_addresses *out) {
    char texts[LLMFI_MAX_ADDRESSES][64];
    int n = net->desc->resolve(net->desc->user, host, texts, LLMFI_MAX_ADDRESSES), i;
    if (n < 0) return -1;
    for (i = 0; i < n && i < LLMFI_MAX_ADDRESSES; i++) {
        texts[i][sizeof texts[i] - 1] = '\0';
        (void)llmfi_address_add(out, texts[i], port);
    }
    return out->count;
}

/* The i-th of the list whose family is `family` moves to the front of what follows `to`. */
static void llmfi_addresses_pull(llmfi_addresses *all, int to, int family) {
    int i = to;
    llmfi_address found;
    while (i < all->count && all->list[i].family != family) i++;
    if (i >= all->count) return;
    found = all->list[i];
    for (; i > to; i--) all->list[i] = all->list[i - 1];
    all->list[to] = found;
}

/* The families take turns (RFC 8305, 4), beginning with the system's first choice. */
static void llmfi_addresses_mix(llmfi_addresses *all) {
    int i, family = all->count ? all->list[0].family : AF_INET;
    for (i = 1; i < all->count; i++) {
        family = family == AF_INET6 ? AF_INET : AF_INET6;
        llmfi_addresses_pull(all, i, family);
    }
}

static int llmfi_resolve_system(const char *host, int port, llmfi_addresses *out) {
    struct addrinfo hints, *found = NULL, *a;
    memset(&hints, 0, sizeof hints);
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    if (getaddrinfo(host, NULL, &hints, &found)) return 0;
    for (a = found; a && out->count < LLMFI_MAX_ADDRESSES; a = a->ai_next) {
        llmfi_address *to = &out->list[out->count];
        memset(to, 0, sizeof *to);
        if ((size_t)a->ai_addrlen > sizeof to->at || (a->ai_family != AF_INET && a->ai_family != AF_INET6)) continue;
        memcpy(&to->at, a->ai_addr, (size_t)a->ai_addrlen);
        to->family = a->ai_family;
        if (a->ai_family == AF_INET) to->at.v4.sin_port = htons((uint16_t)port);
        else to->at.v6.sin6_port = htons((uint16_t)port);
        out->count++;
    }
    freeaddrinfo(found);
    llmfi_addresses_mix(out);
    return out->count;
}

/* How many addresses into out; 0: there is no such host; -1: not yet, ask again. */
LLMFI_UNUSED static int llmfi_resolve(const llmfi_net *net, const char *host, int port, llmfi_addresses *out) {
    out->count = 0;
    if (llmfi_address_add(out, host, port)) return 1;
    if (llmfi_is_localhost(host)) {
        (void)llmfi_address_add(out, "::1", port);
        (void)llmfi_address_add(out, "127.0.0.1", port);
        return out->count;
    }
    return net->desc->resolve ? llmfi_resolve_hook(net, host, port, out) : llmfi_resolve_system(host, port, out);
}

#endif
#endif

#if LLMF_HAS_SOCKETS

#define LLMFI_NEXT_ADDRESS_NS 250000000u
/* How often a resolver that said "not yet" and several attempts at once are looked after, in milliseconds. */
#define LLMFI_CONNECTING_MS 10

/* What is needed only until the connection stands. */
typedef struct llmfi_dial {
    llmfi_addresses to;
    intptr_t fd[LLMFI_MAX_ADDRESSES];        /* attempts under way, in the order they began */
    int count, next;                         /* attempts; the next address */
    int port;
    bool resolved;
    uint64_t next_ns;                        /* when the next address has its turn */
    char *host;                              /* behind this struct */
} llmfi_dial;

typedef struct llmfi_socket {
    intptr_t fd;
    llmfi_dial *dial;                        /* NULL once connected */
    int error;                               /* of the last system call that failed; 0: none */
    bool unresolved;                         /* the host has no address */
} llmfi_socket;

static void llmfi_dial_free(llmfi_net *net, llmfi_socket *s) {
    llmfi_dial *d = s->dial;
    int i;
    if (!d) return;
    for (i = 0; i < d->count; i++)
        if (d->fd[i] != s->fd) LLMFI_SYS_CLOSE(d->fd[i]);
    llmfi_heap_free(net->heap, d);
    s->dial = NULL;
}

static void *llmfi_socket_open_stream(void *user, const char *host, int port, bool tls) {
    llmfi_net *net = (llmfi_net *)user;
    llmfi_socket *s;
    size_t len = strlen(host);
    if (tls) return NULL;
    s = (llmfi_socket *)llmfi_heap_alloc(net->heap, sizeof *s);
    if (!s) return NULL;
    memset(s, 0, sizeof *s);
    s->fd = LLMFI_NO_FD;
    s->dial = (llmfi_dial *)llmfi_heap_alloc(net->heap, sizeof *s->dial + len + 1);
    if (!s->dial) {
        llmfi_heap_free(net->heap, s);
        return NULL;
    }
    memset(s->dial, 0, sizeof *s->dial);
    s->dial->port = port;
    s->dial->host = (char *)(void *)(s->dial + 1);
    memcpy(s->dial->host, host, len + 1);
    return s;
}

/* Begins with the next address. False: there is none left. */
static bool llmfi_dial_next(llmfi_net *net, llmfi_socket *s) {
    llmfi_dial *d = s->dial;
    while (d->next < d->to.count) {
        const llmfi_address *a = &d->to.list[d->next++];
        int one = 1;
        intptr_t fd = llmfi_sys_socket(a->family, SOCK_STREAM);
        if (fd != LLMFI_NO_FD) {
            (void)setsockopt(LLMFI_SYS_FD(fd), IPPROTO_TCP, TCP_NODELAY, (const char *)&one, sizeof one);
            if (!connect(LLMFI_SYS_FD(fd), &a->at.any, llmfi_address_len(a)) || llmfi_sys_connecting(llmfi_sys_error())) {
                d->fd[d->count++] = fd;
                d->next_ns = net->now_ns(net) + LLMFI_NEXT_ADDRESS_NS;
                return true;
            }
        }
        s->error = llmfi_sys_error();
        if (fd != LLMFI_NO_FD) LLMFI_SYS_CLOSE(fd);
    }
    return false;
}

/* Looks after the attempts under way: true when one is connected. Those that failed go. */
static bool llmfi_dial_look(llmfi_socket *s) {
    llmfi_dial *d = s->dial;
    llmfi_pollfd fds[LLMFI_MAX_ADDRESSES];
    int i, kept = 0;
    for (i = 0; i < d->count; i++) {
        fds[i].fd = LLMFI_SYS_FD(d->fd[i]);
        fds[i].events = POLLOUT;
        fds[i].revents = 0;
    }
    if (!d->count || LLMFI_SYS_POLL(fds, d->count, 0) <= 0) return false;
    for (i = 0; i < d->count; i++) {
        int error = 0;
        socklen_t len = (socklen_t)sizeof error;
        if (fds[i].revents && getsockopt(LLMFI_SYS_FD(d->fd[i]), SOL_SOCKET, SO_ERROR, (char *)&error, &len)) error = llmfi_sys_error();
        if (fds[i].revents && !error && s->fd == LLMFI_NO_FD) s->fd = d->fd[i];
        if (error) s->error = error;
        if (error) LLMFI_SYS_CLOSE(d->fd[i]);
        else d->fd[kept++] = d->fd[i];
    }
    d->count = kept;
    return s->fd != LLMFI_NO_FD;
}

static int llmfi_socket_ready(void *user, void *stream) {
    llmfi_net *net = (llmfi_net *)user;
    llmfi_socket *s = (llmfi_socket *)stream;
    llmfi_dial *d = s->dial;
    if (!d) return 1;
    if (!d->resolved) {
        int found = llmfi_resolve(net, d->host, d->port, &d->to);
        if (found < 0) return 0;
        d->resolved = true;
        s->unresolved = !found;
    }
    if (llmfi_dial_look(s)) {
        llmfi_dial_free(net, s);
        s->error = 0;
        return 1;
    }
    if (!d->count || (d->next < d->to.count && net->now_ns(net) >= d->next_ns)) (void)llmfi_dial_next(net, s);
    return d->count ? 0 : -LLMF_ERR_NETWORK;
}

static int llmfi_socket_read(void *user, void *stream, char *out, size_t cap) {
    llmfi_socket *s = (llmfi_socket *)stream;
    intptr_t n = (intptr_t)recv(LLMFI_SYS_FD(s->fd), out, LLMFI_SYS_LEN(cap < INT32_MAX ? cap : INT32_MAX), 0);
    (void)user;
    if (n > 0) return (int)n;
    if (n == 0) return LLMF_STREAM_END;
    if (llmfi_sys_again(llmfi_sys_error())) return 0;
    s->error = llmfi_sys_error();
    return -LLMF_ERR_NETWORK;
}

static int llmfi_socket_write(void *user, void *stream, const char *bytes, size_t len) {
    llmfi_socket *s = (llmfi_socket *)stream;
    size_t most = len < INT32_MAX ? len : INT32_MAX;
    intptr_t n = (intptr_t)send(LLMFI_SYS_FD(s->fd), bytes, LLMFI_SYS_LEN(most), LLMFI_SYS_SEND_FLAGS);
    (void)user;
    if (n >= 0) return (int)n;
    if (llmfi_sys_again(llmfi_sys_error())) return 0;
    s->error = llmfi_sys_error();
    return -LLMF_ERR_NETWORK;
}

static void llmfi_socket_close_stream(void *user, void *stream) {
    llmfi_net *net = (llmfi_net *)user;
    llmfi_socket *s = (llmfi_socket *)stream;
    llmfi_dial_free(net, s);
    if (s->fd != LLMFI_NO_FD) LLMFI_SYS_CLOSE(s->fd);
    llmfi_heap_free(net->heap, s);
}

static intptr_t llmfi_socket_fd(void *user, void *stream, int *events) {
    llmfi_socket *s = (llmfi_socket *)stream;
    (void)user;
    if (s->dial) {
        *events = LLMF_FD_WRITE;
        return s->dial->count ? s->dial->fd[s->dial->count - 1] : LLMFI_NO_FD;
    }
    return s->fd;
}

/* Milliseconds until `ready` has something to do beside its descriptor; -1: nothing. */
static int64_t llmfi_socket_wait_ms(void *user, void *stream) {
    llmfi_net *net = (llmfi_net *)user;
    const llmfi_dial *d = ((llmfi_socket *)stream)->dial;
    uint64_t now;
    if (!d) return -1;
    if (!d->resolved || d->count > 1) return LLMFI_CONNECTING_MS;
    if (d->next >= d->to.count) return -1;
    now = net->now_ns(net);
    return now >= d->next_ns ? 0 : (int64_t)((d->next_ns - now + 999999) / 1000000);
}

static void llmfi_socket_why(void *user, void *stream, llmfi_text *text) {
    llmfi_socket *s = (llmfi_socket *)stream;
    const char *words = llmfi_sys_words(s->error);
    (void)user;
    if (s->unresolved) {
        LLMFI_SAY(text, "no address known for this host");
    } else if (words[0]) {
        llmfi_say_c(text, words);
    } else if (s->error) {
        LLMFI_SAY(text, "system error ");
        llmfi_say_int(text, s->error);
    }
}

/* What the ops are called with is the llmfi_net. */
LLMFI_UNUSED static void llmfi_socket_stream(llmfi_stream *to, llmfi_net *net) {
    memset(to, 0, sizeof *to);
    to->ops.user = net;
    to->ops.open = llmfi_socket_open_stream;
    to->ops.ready = llmfi_socket_ready;
    to->ops.read = llmfi_socket_read;
    to->ops.write = llmfi_socket_write;
    to->ops.close = llmfi_socket_close_stream;
    to->ops.fd = llmfi_socket_fd;
    to->wait_ms = llmfi_socket_wait_ms;
    to->why = llmfi_socket_why;
    to->open_error = LLMF_ERR_MEMORY;
    to->short_is_dry = true;
}

#endif
#endif

#if LLMF_HAS_SOCKET
#if !LLMF_HAS_SOCKETS
#error "llmfactory: this system has no sockets. Set LLMF_NO_SOCKET=1"
#endif

/* NULL: no memory. */
LLMFI_UNUSED static llmfi_transport *llmfi_socket_open(llmfi_net *net) {
    llmfi_http *h = llmfi_http_open(net, "socket");
    if (!h) return NULL;
    llmfi_socket_stream(&h->stream, net);
    return &h->t;
}

#endif
#endif
#define LLMFI_LIST_SOCKET " socket"
#else
#define LLMFI_LIST_SOCKET ""
#endif
#if LLMF_HAS_CURL
/* The transport "curl": libcurl's multi interface driven by our watch, one descriptor at a time. All factories' state is in their own multi, so
   connections, sessions and parsed roots are shared by the calls of one factory.

   libcurl has its own memory; of ours an exchange takes a handle's record, the text of its headers and, where it is short, its body. Handles are
   kept and only what differs from the last request is set again. A callback of libcurl may not remove handles, so what the engine cancels from
   inside one is swept up when libcurl has returned. */
#ifndef LLMFI_NET_CURL_H
#define LLMFI_NET_CURL_H

#if LLMF_HAS_CURL
#ifndef CURL_DISABLE_TYPECHECK
#define CURL_DISABLE_TYPECHECK /* its checks are statement expressions: no C99 */
#endif
#include <curl/curl.h>
#ifndef _WIN32
#include <signal.h>
#endif

/* Bodies up to this many bytes are given to libcurl in one piece. */
#define LLMFI_CURL_WHOLE 16384
/* libcurl asks for "100 Continue" above a size that depends on its version: never wanted. */
#define LLMFI_CURL_EXPECT 1000
/* Buckets of the table of sockets. */
#define LLMFI_CURL_BUCKETS 64
/* No limit, in milliseconds: 0 would mean libcurl's own, five minutes. */
#define LLMFI_CURL_FOREVER 0x7FFFFFFFL

typedef struct llmfi_curl llmfi_curl;

/* A descriptor of libcurl's. Sockets opened through us stay registered while their connection idles. */
typedef struct llmfi_curl_socket {
    llmfi_watcher watch;                     /* first */
    llmfi_curl *c;
    struct llmfi_curl_socket *next;          /* of the bucket, or of the spare ones */
    bool ours;                               /* opened by llmfi_curl_on_open: known until it is closed */
    bool pooled;                             /* of the array made at open */
} llmfi_curl_socket;

enum { LLMFI_CURL_NONE = 0, LLMFI_CURL_GET = 1, LLMFI_CURL_HEAD = 2, LLMFI_CURL_POST = 3, LLMFI_CURL_OTHER = 4 };

/* An easy handle and what it needs to live; in x->state. */
typedef struct llmfi_easy {
    CURL *curl;
    llmfi_curl *c;
    struct llmfi_easy *next, *prev;          /* those in use; next also of the kept ones */
    llmf_exchange *x;                        /* NULL: kept, or cancelled and not yet swept up */
    llmfi_buf url, head, body, rest;         /* url: as set, with a NUL. head: nodes and text of the headers. rest: what the call had not taken */
    size_t rest_at;
    uint64_t received;
    size_t head_left;                        /* bytes that the reply's head may still have */
    unsigned headers_left;
    int method;                              /* as set: LLMFI_CURL_… */
    long connect_ms;                         /* as set */
    int status;                              /* of the reply that is coming; 0: none yet */
    int failed;                              /* llmf_result that a callback of ours stopped it with; 0: none */
    const char *failed_text;
    CURLcode result;
    bool tls, connected;
    bool fresh;                              /* as set: no kept connection is used */
    bool retried;
    bool head_done;                          /* headers from now on are trailers */
    bool paused;                             /* libcurl keeps data back for us */
    bool held;                               /* the call took too little */
    bool resume;                             /* asked for where libcurl could not be told */
    bool done;                               /* libcurl has finished; only rest is left */
    char error[CURL_ERROR_SIZE];
} llmfi_easy;

struct llmfi_curl {
    llmfi_transport t;                       /* first */
    CURLM *multi;
    llmfi_easy *used, *kept;
    size_t used_count, kept_count, most_kept;
    llmf_exchange *first, *last;             /* to be begun at the next tick; their state is this struct */
    llmfi_curl_socket *bucket[LLMFI_CURL_BUCKETS];
    llmfi_curl_socket *spare, *pool;
    uint64_t timer_ns;                       /* when libcurl wants to run; UINT64_MAX: only when a descriptor is ready */
    size_t cancelled;                        /* handles in use whose exchange has gone */
    bool inside;                             /* libcurl is running */
    bool resumes;                            /* some handle has `resume` set */
    bool any_tls, dead;
};

/* ---- SIGPIPE: libcurl's own sockets never raise it, its TLS libraries' writes do ---- */

#ifdef _WIN32
typedef int llmfi_pipe_guard;
static void llmfi_pipe_guard_on(llmfi_pipe_guard *g, bool need) {
    *g = need;
}
static void llmfi_pipe_guard_off(const llmfi_pipe_guard *g) {
    (void)g;
}
#else
typedef struct llmfi_pipe_guard {
    sigset_t before;
    bool on;                                 /* this thread took the signal until now */
} llmfi_pipe_guard;

static void llmfi_pipe_guard_on(llmfi_pipe_guard *g, bool need) {
    sigset_t pipe_only;
    g->on = false;
    if (!need) return;
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    g->on = !pthread_sigmask(SIG_BLOCK, &pipe_only, &g->before) && !sigismember(&g->before, SIGPIPE);
}

/* One that came meanwhile is ours: it is taken away. */
static void llmfi_pipe_guard_off(const llmfi_pipe_guard *g) {
    sigset_t set;
    int which;
    if (!g->on) return;
    if (!sigpending(&set) && sigismember(&set, SIGPIPE)) {
        sigemptyset(&set);
        sigaddset(&set, SIGPIPE);
        (void)sigwait(&set, &which);
    }
    (void)pthread_sigmask(SIG_SETMASK, &g->before, NULL);
}
#endif

/* ---- descriptors ---- */

static llmfi_curl_socket *llmfi_curl_find(const llmfi_curl *c, curl_socket_t fd) {
    llmfi_curl_socket *s = c->bucket[(size_t)fd % LLMFI_CURL_BUCKETS];
    while (s && s->watch.fd != (intptr_t)fd) s = s->next;
    return s;
}

static void llmfi_curl_action(llmfi_curl *c, curl_socket_t fd, int bits);

static void llmfi_curl_ready(llmfi_watcher *w, int events) {
    llmfi_curl_socket *s = (llmfi_curl_socket *)(void *)w;
    llmfi_curl_action(s->c, (curl_socket_t)w->fd, (events & LLMF_FD_READ ? CURL_CSELECT_IN : 0) | (events & LLMF_FD_WRITE ? CURL_CSELECT_OUT : 0));
}

/* NULL: no memory. */
static llmfi_curl_socket *llmfi_curl_know(llmfi_curl *c, curl_socket_t fd) {
    llmfi_curl_socket *s = c->spare, **bucket = &c->bucket[(size_t)fd % LLMFI_CURL_BUCKETS];
    bool pooled = s != NULL;
    if (s) c->spare = s->next;
    else s = (llmfi_curl_socket *)llmfi_heap_alloc(c->t.net->heap, sizeof *s);
    if (!s) return NULL;
    memset(s, 0, sizeof *s);
    s->watch.fd = (intptr_t)fd;
    s->watch.ready = llmfi_curl_ready;
    s->c = c;
    s->pooled = pooled;
    s->next = *bucket;
    *bucket = s;
    return s;
}

static void llmfi_curl_forget(llmfi_curl *c, llmfi_curl_socket *s) {
    llmfi_curl_socket **at = &c->bucket[(size_t)s->watch.fd % LLMFI_CURL_BUCKETS];
    while (*at != s) at = &(*at)->next;
    *at = s->next;
    llmfi_watch_remove(c->t.net->watch, &s->watch);
    if (s->pooled) {
        s->next = c->spare;
        c->spare = s;
    } else {
        llmfi_heap_free(c->t.net->heap, s);
    }
}

/* libcurl says what it wants to know of a descriptor. */
static int llmfi_curl_on_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *known) {
    llmfi_curl *c = (llmfi_curl *)user;
    llmfi_curl_socket *s = known ? (llmfi_curl_socket *)known : llmfi_curl_find(c, fd);
    int events = (what & CURL_POLL_IN ? LLMF_FD_READ : 0) | (what & CURL_POLL_OUT ? LLMF_FD_WRITE : 0);
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (s && s->ours) (void)llmfi_watch_set(c->t.net->watch, &s->watch, 0); /* lazily: the next request wants it again */
        else if (s) llmfi_curl_forget(c, s);
        return 0;
    }
    if (s && !known && !s->ours) {
        llmfi_curl_forget(c, s); /* another one under a number used before */
        s = NULL;
    }
    if (!s) s = llmfi_curl_know(c, fd);
    if (!s) return -1;
    if (!known) (void)curl_multi_assign(c->multi, fd, s);
    return llmfi_watch_set(c->t.net->watch, &s->watch, events) ? 0 : -1;
}

static curl_socket_t llmfi_curl_on_open(void *user, curlsocktype purpose, struct curl_sockaddr *address) {
    llmfi_curl *c = (llmfi_curl *)user;
    llmfi_curl_socket *s;
    curl_socket_t fd;
#if defined(SOCK_CLOEXEC) && defined(__linux__)
    fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
#else
    fd = socket(address->family, address->socktype, address->protocol);
#endif
    (void)purpose;
    if (fd == CURL_SOCKET_BAD) return fd;
    s = llmfi_curl_find(c, fd);
    if (s) llmfi_curl_forget(c, s); /* closed by libcurl without a word: its resolver's */
    s = llmfi_curl_know(c, fd);
    if (!s) {
        LLMFI_SYS_CLOSE(fd);
        return CURL_SOCKET_BAD;
    }
    s->ours = true;
    return fd;
}

static int llmfi_curl_on_close(void *user, curl_socket_t fd) {
    llmfi_curl *c = (llmfi_curl *)user;
    llmfi_curl_socket *s = llmfi_curl_find(c, fd);
    if (s) llmfi_curl_forget(c, s);
    return LLMFI_SYS_CLOSE(fd);
}

static int llmfi_curl_on_timer(CURLM *multi, long ms, void *user) {
    llmfi_curl *c = (llmfi_curl *)user;
    (void)multi;
    c->timer_ns = ms < 0 ? UINT64_MAX : c->t.net->now_ns(c->t.net) + (uint64_t)ms * 1000000u;
    return 0;
}

/* ---- the reply ---- */

/* Stops the transfer from inside a callback: what the callback must return. */
static size_t llmfi_easy_stop(llmfi_easy *e, int result, const char *text) {
    e->failed = result;
    e->failed_text = text;
    return 0;
}

static void llmfi_easy_connected(llmfi_easy *e) {
    if (e->connected || !e->x) return;
    e->connected = true;
    llmfi_exchange_connected(e->x);
}

/* "HTTP/2 200", "HTTP/1.1 200 OK": the number, or 0. */
static int llmfi_curl_status(llmf_str line) {
    size_t at = llmfi_find_char(line, ' ');
    llmf_str n = llmfi_from(line, at == LLMFI_NOWHERE ? line.len : at + 1);
    if (n.len < 3 || !llmfi_is_digit(n.ptr[0]) || !llmfi_is_digit(n.ptr[1]) || !llmfi_is_digit(n.ptr[2])) return 0;
    return (n.ptr[0] - '0') * 100 + (n.ptr[1] - '0') * 10 + (n.ptr[2] - '0');
}

/* A line of a final reply's head. Bytes taken, fewer: stop. */
static size_t llmfi_easy_header(llmfi_easy *e, llmf_str line, size_t len) {
    size_t colon = llmfi_find_char(line, ':');
    llmf_str name, value;
    if (colon == LLMFI_NOWHERE) return len;
    name = llmfi_str(line.ptr, colon);
    value = llmfi_trim(llmfi_from(line, colon + 1));
    if (!e->headers_left--) return llmfi_easy_stop(e, LLMF_ERR_LIMIT, "more headers in the reply than LLMF_MAX_HEADERS");
    if (name.len == 16 && value.len && llmfi_eq_nocase(name, LLMFI_LIT("content-encoding")) && !llmfi_eq_nocase(value, LLMFI_LIT("identity")))
        return llmfi_easy_stop(e, LLMF_ERR_PROTOCOL, "the reply is compressed, which was not asked for");
    llmf_exchange_header(e->x, name, value);
    return e->x ? len : 0;
}

static size_t llmfi_curl_on_header(char *ptr, size_t size, size_t count, void *user) {
    llmfi_easy *e = (llmfi_easy *)user;
    size_t len = size * count;
    llmf_str line = llmfi_str(ptr, len);
    while (line.len && (line.ptr[line.len - 1] == '\n' || line.ptr[line.len - 1] == '\r')) line.len--;
    if (!e->x) return 0;
    if (e->head_done) return len; /* a trailer: of no effect */
    if (len > e->head_left) return llmfi_easy_stop(e, LLMF_ERR_LIMIT, "the head of the reply is longer than LLMF_MAX_HEAD");
    e->head_left -= len;
    if (e->status < 200 && llmfi_starts(line, LLMFI_LIT("HTTP/"))) {
        e->status = llmfi_curl_status(line);
        if (e->status < 100) return llmfi_easy_stop(e, LLMF_ERR_PROTOCOL, "not an HTTP status");
        if (e->status < 200) return len;
        llmfi_easy_connected(e);
        if (e->x) llmf_exchange_status(e->x, e->status);
        return e->x ? len : 0;
    }
    if (e->status < 200) return len;
    e->head_done = !line.len;
    return line.len ? llmfi_easy_header(e, line, len) : len;
}

/* Keeps what the call did not take; what libcurl has beyond it stays there. */
static size_t llmfi_easy_hold(llmfi_easy *e, const char *ptr, size_t len, size_t taken) {
    e->held = true;
    e->rest_at = 0;
    e->rest.len = 0;
    if (llmfi_buf_add(&e->rest, ptr + taken, len - taken)) return len;
    return llmfi_easy_stop(e, LLMF_ERR_MEMORY, "no memory for what the call has not yet taken: raise memory_size");
}

static size_t llmfi_curl_on_data(char *ptr, size_t size, size_t count, void *user) {
    llmfi_easy *e = (llmfi_easy *)user;
    size_t len = size * count, taken;
    uint64_t most = e->c->t.net->desc->max_response;
    if (!e->x) return len ? 0 : 1;
    if (!len) return 0;
    if (e->held) {
        e->paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    e->received += len;
    if (most && e->received > most) return llmfi_easy_stop(e, LLMF_ERR_LIMIT, "the body of the reply is longer than its limit (max_response)");
    taken = llmf_exchange_data(e->x, ptr, len);
    if (!e->x) return 0;
    return taken < len ? llmfi_easy_hold(e, ptr, len, taken) : len;
}

/* ---- the request's body, where it is long ---- */

static size_t llmfi_curl_on_read(char *out, size_t size, size_t count, void *user) {
    llmfi_easy *e = (llmfi_easy *)user;
    size_t n = e->x ? llmf_exchange_read(e->x, out, size * count) : 0;
    return e->x ? n : CURL_READFUNC_ABORT;
}

static int llmfi_curl_on_seek(void *user, curl_off_t offset, int origin) {
    llmfi_easy *e = (llmfi_easy *)user;
    char skip[512];
    if (!e->x || origin != SEEK_SET || offset < 0) return CURL_SEEKFUNC_FAIL;
    llmf_exchange_rewind(e->x);
    while (offset > 0) {
        size_t n = llmf_exchange_read(e->x, skip, offset < (curl_off_t)sizeof skip ? (size_t)offset : sizeof skip);
        if (!n) return CURL_SEEKFUNC_FAIL;
        offset -= (curl_off_t)n;
    }
    return CURL_SEEKFUNC_OK;
}

#if LIBCURL_VERSION_NUM >= 0x075000
static int llmfi_curl_on_prereq(void *user, char *primary_ip, char *local_ip, int primary_port, int local_port) {
    llmfi_easy *e = (llmfi_easy *)user;
    (void)primary_ip, (void)local_ip, (void)primary_port, (void)local_port;
    llmfi_easy_connected(e);
    return e->x ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}
#endif

/* ---- handles ---- */

static void llmfi_easy_set_tls(llmfi_easy *e, const llmf_desc *d) {
    CURL *h = e->curl;
    bool no_path = true;
#if LIBCURL_VERSION_NUM >= 0x074600
    /* The path of roots switches libcurl's cache of the parsed file off: 35 times the cost of a new connection. */
    no_path = d->ca_file || d->ca_pem || curl_version_info(CURLVERSION_NOW)->cainfo;
#endif
    if (no_path) (void)curl_easy_setopt(h, CURLOPT_CAPATH, (char *)NULL);
    if (d->ca_file) (void)curl_easy_setopt(h, CURLOPT_CAINFO, d->ca_file);
#if LIBCURL_VERSION_NUM >= 0x074D00
    if (d->ca_pem) {
        struct curl_blob pem;
        pem.data = (void *)(uintptr_t)d->ca_pem; /* only read */
        pem.len = strlen(d->ca_pem);
        pem.flags = CURL_BLOB_NOCOPY;
        (void)curl_easy_setopt(h, CURLOPT_CAINFO_BLOB, &pem);
    }
#endif
    if (!d->insecure_tls) return;
    (void)curl_easy_setopt(h, CURLOPT_SSL_VERIFYPEER, 0L);
    (void)curl_easy_setopt(h, CURLOPT_SSL_VERIFYHOST, 0L);
}

/* What no request changes. */
static void llmfi_easy_set(llmfi_easy *e) {
    CURL *h = e->curl;
    const llmf_desc *d = e->c->t.net->desc;
    (void)curl_easy_setopt(h, CURLOPT_PRIVATE, e);
    (void)curl_easy_setopt(h, CURLOPT_ERRORBUFFER, e->error);
    (void)curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L); /* a redirect would carry the key to another host */
    (void)curl_easy_setopt(h, CURLOPT_PATH_AS_IS, 1L);
    (void)curl_easy_setopt(h, CURLOPT_PROXY, d->proxy ? d->proxy : ""); /* "": not the environment's either */
    (void)curl_easy_setopt(h, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    (void)curl_easy_setopt(h, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    (void)curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, llmfi_curl_on_data);
    (void)curl_easy_setopt(h, CURLOPT_WRITEDATA, e);
    (void)curl_easy_setopt(h, CURLOPT_HEADERFUNCTION, llmfi_curl_on_header);
    (void)curl_easy_setopt(h, CURLOPT_HEADERDATA, e);
    (void)curl_easy_setopt(h, CURLOPT_READFUNCTION, llmfi_curl_on_read);
    (void)curl_easy_setopt(h, CURLOPT_READDATA, e);
    (void)curl_easy_setopt(h, CURLOPT_SEEKFUNCTION, llmfi_curl_on_seek);
    (void)curl_easy_setopt(h, CURLOPT_SEEKDATA, e);
    (void)curl_easy_setopt(h, CURLOPT_OPENSOCKETFUNCTION, llmfi_curl_on_open);
    (void)curl_easy_setopt(h, CURLOPT_OPENSOCKETDATA, e->c);
    (void)curl_easy_setopt(h, CURLOPT_CLOSESOCKETFUNCTION, llmfi_curl_on_close);
    (void)curl_easy_setopt(h, CURLOPT_CLOSESOCKETDATA, e->c);
#if LIBCURL_VERSION_NUM >= 0x075000
    (void)curl_easy_setopt(h, CURLOPT_PREREQFUNCTION, llmfi_curl_on_prereq);
    (void)curl_easy_setopt(h, CURLOPT_PREREQDATA, e);
#endif
    if (d->max_idle < 0) (void)curl_easy_setopt(h, CURLOPT_FORBID_REUSE, 1L);
    llmfi_easy_set_tls(e, d);
}

static void llmfi_easy_free(llmfi_easy *e) {
    llmfi_heap *heap = e->c->t.net->heap;
    if (e->curl) curl_easy_cleanup(e->curl);
    llmfi_buf_free(&e->url);
    llmfi_buf_free(&e->head);
    llmfi_buf_free(&e->body);
    llmfi_buf_free(&e->rest);
    llmfi_heap_free(heap, e);
}

/* A kept handle or a new one, in use; NULL: no memory. */
static llmfi_easy *llmfi_easy_take(llmfi_curl *c) {
    llmfi_easy *e = c->kept;
    if (e) {
        c->kept = e->next;
        c->kept_count--;
    } else {
        e = (llmfi_easy *)llmfi_heap_alloc(c->t.net->heap, sizeof *e);
        if (!e) return NULL;
        memset(e, 0, sizeof *e);
        e->c = c;
        llmfi_buf_init(&e->url, c->t.net->heap, 0);
        llmfi_buf_init(&e->head, c->t.net->heap, 0);
        llmfi_buf_init(&e->body, c->t.net->heap, 0);
        llmfi_buf_init(&e->rest, c->t.net->heap, 0);
        e->curl = curl_easy_init();
        if (!e->curl) {
            llmfi_easy_free(e);
            return NULL;
        }
        llmfi_easy_set(e);
    }
    e->prev = NULL;
    e->next = c->used;
    if (e->next) e->next->prev = e;
    c->used = e;
    c->used_count++;
    return e;
}

/* libcurl closes idle connections when there are more than this, those in use counted in. */
static void llmfi_curl_limit(llmfi_curl *c) {
    const llmf_desc *d = c->t.net->desc;
    size_t idle = d->max_idle > 0 ? (size_t)d->max_idle : 10;
    (void)curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, (long)(c->used_count + idle));
}

/* Out of the multi and back to the kept ones. Not from inside libcurl. */
static void llmfi_easy_give(llmfi_easy *e, bool added) {
    llmfi_curl *c = e->c;
    llmfi_pipe_guard guard;
    if (e->x) e->x->state = NULL;
    else c->cancelled--;
    e->x = NULL;
    c->inside = true;
    llmfi_pipe_guard_on(&guard, c->any_tls);
    if (added) (void)curl_multi_remove_handle(c->multi, e->curl);
    llmfi_pipe_guard_off(&guard);
    c->inside = false;
    if (e->prev) e->prev->next = e->next;
    else c->used = e->next;
    if (e->next) e->next->prev = e->prev;
    c->used_count--;
    llmfi_buf_free(&e->rest);
    llmfi_wire_drop(&e->body);
    if (e->head.ptr) memset(e->head.ptr, 0, e->head.cap); /* the key was in it */
    llmfi_wire_drop(&e->head);
    if (c->kept_count >= c->most_kept) {
        llmfi_easy_free(e);
        return;
    }
    e->next = c->kept;
    c->kept = e;
    c->kept_count++;
}

/* ---- what an end means ---- */

/* OpenSSL's verdict on the certificate, in words; "" where there is none. Other libraries number them in their own ways or not at all. */
static const char *llmfi_curl_verdict(CURL *easy) {
    long verdict = 0;
    const char *library = curl_version_info(CURLVERSION_NOW)->ssl_version;
    if (!library || !strstr(library, "SSL/") || curl_easy_getinfo(easy, CURLINFO_SSL_VERIFYRESULT, &verdict)) return "";
    switch (verdict) {
    case 9: return "the server's certificate is not valid yet (is the clock right?)";
    case 10: return "the server's certificate has expired (is the clock right?)";
    case 18: return "the server's certificate is self-signed: unknown issuer. Set ca_file or ca_pem if that is right";
    case 19:
    case 20:
    case 21: return "the server's certificate comes from an unknown issuer. Set ca_file or ca_pem to its root if that is right";
    case 23: return "the server's certificate was revoked";
    case 62: return "the server's certificate is for another host";
    default: return "";
    }
}

static int llmfi_curl_tls_error(llmfi_easy *e, llmfi_text *t) {
    const char *verdict = llmfi_curl_verdict(e->curl);
    if (e->result == CURLE_SSL_CACERT_BADFILE) LLMFI_SAY(t, "the roots to verify with cannot be read: see ca_file and ca_pem");
    else if (verdict[0]) llmfi_say_c(t, verdict);
    else if (strstr(e->error, "match") && (strstr(e->error, "host") || strstr(e->error, "subject"))) LLMFI_SAY(t, "the server's certificate is for another host");
    else LLMFI_SAY(t, "no TLS connection");
    return LLMF_ERR_TLS;
}

/* The llmf_result of e->result, and its sentence. */
static int llmfi_curl_meaning(llmfi_easy *e, llmfi_text *t) {
    bool begun = e->status >= 200;
    switch ((int)e->result) {
    case CURLE_COULDNT_RESOLVE_HOST: LLMFI_SAY(t, "no address known for this host"); return LLMF_ERR_NETWORK;
    case CURLE_COULDNT_RESOLVE_PROXY: LLMFI_SAY(t, "no address known for the proxy"); return LLMF_ERR_NETWORK;
    case CURLE_COULDNT_CONNECT: LLMFI_SAY(t, "connect"); return LLMF_ERR_NETWORK;
    case CURLE_OPERATION_TIMEDOUT: LLMFI_SAY(t, "connect: the time set for it (connect_ms) is over"); return LLMF_ERR_TIMEOUT;
    case CURLE_OUT_OF_MEMORY: LLMFI_SAY(t, "libcurl has no memory left"); return LLMF_ERR_MEMORY;
    case CURLE_URL_MALFORMAT: LLMFI_SAY(t, "libcurl refuses the URL"); return LLMF_ERR_ARGUMENT;
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_CONTENT_ENCODING:
    case CURLE_HTTP2: LLMFI_SAY(t, "the reply is not HTTP"); return LLMF_ERR_PROTOCOL;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CRL_BADFILE:
    case CURLE_SSL_ENGINE_NOTFOUND:
    case CURLE_SSL_INVALIDCERTSTATUS: return llmfi_curl_tls_error(e, t);
    default: break;
    }
    if (strstr(e->error, "chunk")) {
        LLMFI_SAY(t, "the reply is not HTTP");
        return LLMF_ERR_PROTOCOL;
    }
    llmfi_say_c(t, begun ? "the connection ended within the reply" : "the connection ended before a reply came");
    return begun ? LLMF_ERR_TRUNCATED : LLMF_ERR_NETWORK;
}

static void llmfi_curl_where(const llmf_exchange *x, llmfi_text *t) {
    llmfi_url url;
    llmfi_url_error bad;
    if (!llmfi_url_parse(x->req.url, &url, &bad)) return;
    llmfi_say(t, url.host);
    LLMFI_SAY(t, ":");
    llmfi_say_int(t, url.port);
    LLMFI_SAY(t, ": ");
}

/* The transfer is over and all of it was taken: gives the handle back and tells the engine. */
static void llmfi_easy_end(llmfi_easy *e, bool added) {
    llmf_exchange *x = e->x;
    char text[512];
    llmfi_text t = llmfi_text_in(text, sizeof text);
    int result = e->failed;
    if (!x || (e->result == CURLE_OK && !result)) {
        llmfi_easy_give(e, added);
        if (x) llmf_exchange_end(x, LLMF_OK, NULL);
        return;
    }
    llmfi_curl_where(x, &t);
    if (result) {
        llmfi_say_c(&t, e->failed_text);
    } else {
        result = llmfi_curl_meaning(e, &t);
        LLMFI_SAY(&t, ": ");
        llmfi_say_c(&t, e->error[0] ? e->error : curl_easy_strerror(e->result));
    }
    llmfi_easy_give(e, added);
    llmf_exchange_end(x, result, text);
}

/* ---- a request ---- */

/* NULL, or why it must not be sent so. */
static const char *llmfi_curl_refuse(const llmf_http_request *r) {
    llmfi_url url;
    llmfi_url_error bad;
    size_t i;
    if (!llmfi_url_parse(r->url, &url, &bad) || !url.port) return "the URL is not one that begins with http:// or https://";
    if (llmfi_header_bad_name(r->method) != LLMFI_NOWHERE || r->method.len > 15) return "the method is not one";
    for (i = 0; i < r->header_count; i++) {
        llmf_str name = r->headers[i].name;
        if (!llmfi_header_ok(name, r->headers[i].value)) return "a character that no header may have";
        if ((name.len == 4 && llmfi_eq_nocase(name, LLMFI_LIT("host"))) || (name.len == 14 && llmfi_eq_nocase(name, LLMFI_LIT("content-length"))) ||
            (name.len == 17 && llmfi_eq_nocase(name, LLMFI_LIT("transfer-encoding"))))
            return "a header that the transport writes itself";
    }
    return NULL;
}

/* Room for the nodes of the list and the text of its lines, in one piece: libcurl only reads it. */
static bool llmfi_easy_headers(llmfi_easy *e, const llmf_http_request *r) {
    size_t lines = r->header_count + 2, size = lines * (sizeof(struct curl_slist) + 4), i, n = 0;
    struct curl_slist *node;
    char *at;
    bool typed = false;
    for (i = 0; i < r->header_count; i++) {
        if (r->headers[i].value.len > (size_t)-1 / 8 || r->headers[i].name.len > (size_t)-1 / 8) return false;
        size += r->headers[i].name.len + r->headers[i].value.len;
    }
    e->head.len = 0;
    if (!llmfi_buf_reserve(&e->head, size + sizeof "Content-Type:" + sizeof "Expect:")) return false;
    node = (struct curl_slist *)(void *)e->head.ptr;
    at = e->head.ptr + lines * sizeof *node;
    for (i = 0; i < r->header_count; i++) {
        llmf_str name = r->headers[i].name, value = r->headers[i].value;
        typed = typed || (name.len == 12 && llmfi_eq_nocase(name, LLMFI_LIT("content-type")));
        node[n++].data = at;
        memcpy(at, name.ptr, name.len);
        at += name.len;
        *at++ = value.len ? ':' : ';'; /* libcurl's way to send an empty one */
        if (value.len) *at++ = ' ';
        if (value.len) memcpy(at, value.ptr, value.len);
        at += value.len;
        *at++ = '\0';
    }
    if (!typed && r->body_len) {
        node[n++].data = at; /* not the form type that libcurl would name */
        memcpy(at, "Content-Type:", sizeof "Content-Type:");
        at += sizeof "Content-Type:";
    }
    if (r->body_len > LLMFI_CURL_EXPECT) {
        node[n++].data = at;
        memcpy(at, "Expect:", sizeof "Expect:");
    }
    for (i = 0; i < n; i++) node[i].next = i + 1 < n ? &node[i + 1] : NULL;
    return curl_easy_setopt(e->curl, CURLOPT_HTTPHEADER, n ? node : NULL) == CURLE_OK;
}

static bool llmfi_easy_url(llmfi_easy *e, llmf_str url) {
    if (e->url.len == url.len + 1 && !memcmp(e->url.ptr, url.ptr, url.len)) return true;
    e->url.len = 0;
    return llmfi_buf_add(&e->url, url.ptr, url.len) && llmfi_buf_add(&e->url, "", 1) && curl_easy_setopt(e->curl, CURLOPT_URL, e->url.ptr) == CURLE_OK;
}

static void llmfi_easy_method(llmfi_easy *e, const llmf_http_request *r) {
    int method = LLMFI_IS(r->method, "POST") ? LLMFI_CURL_POST : r->body_len ? LLMFI_CURL_OTHER : LLMFI_IS(r->method, "GET") ? LLMFI_CURL_GET : LLMFI_IS(r->method, "HEAD") ? LLMFI_CURL_HEAD : LLMFI_CURL_OTHER;
    char name[16];
    if (method == e->method && method != LLMFI_CURL_OTHER) return;
    e->method = method;
    if (e->method) (void)curl_easy_setopt(e->curl, CURLOPT_CUSTOMREQUEST, (char *)NULL);
    (void)curl_easy_setopt(e->curl, CURLOPT_NOBODY, (long)(method == LLMFI_CURL_HEAD));
    if (method == LLMFI_CURL_GET) (void)curl_easy_setopt(e->curl, CURLOPT_HTTPGET, 1L);
    if (method == LLMFI_CURL_POST || method == LLMFI_CURL_OTHER) (void)curl_easy_setopt(e->curl, CURLOPT_POST, 1L);
    if (method != LLMFI_CURL_OTHER) return;
    memcpy(name, r->method.ptr, r->method.len);
    name[r->method.len] = '\0';
    (void)curl_easy_setopt(e->curl, CURLOPT_CUSTOMREQUEST, name);
}

/* Where libcurl finds the body: in e->body, or by llmfi_curl_on_read. */
static bool llmfi_easy_body(llmfi_easy *e, llmf_exchange *x) {
    size_t len = x->req.body_len <= LLMFI_CURL_WHOLE ? (size_t)x->req.body_len : 0;
    bool whole = x->req.body_len <= LLMFI_CURL_WHOLE;
    if (e->method == LLMFI_CURL_GET || e->method == LLMFI_CURL_HEAD) return true;
    e->body.len = 0;
    if (whole && !llmfi_buf_reserve(&e->body, len + 1)) return false;
    while (e->body.len < len) {
        size_t n = llmf_exchange_read(x, e->body.ptr + e->body.len, len - e->body.len);
        if (!e->x) return false;
        if (!n) return llmfi_easy_stop(e, LLMF_ERR_ARGUMENT, "the request's body is shorter than was announced") != 0;
        e->body.len += n;
    }
    (void)curl_easy_setopt(e->curl, CURLOPT_POSTFIELDS, whole ? e->body.ptr : (char *)NULL);
    (void)curl_easy_setopt(e->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)x->req.body_len);
    return true;
}

static void llmfi_easy_timeout(llmfi_easy *e, const llmf_exchange *x) {
    uint64_t now = x->deadline_ns && x->req.connect_timeout_ms <= 0 ? e->c->t.net->now_ns(e->c->t.net) : 0;
    int64_t ms = x->req.connect_timeout_ms;
    long set;
    if (ms <= 0 && x->deadline_ns) ms = x->deadline_ns > now ? (int64_t)((x->deadline_ns - now + 999999) / 1000000) : 1;
    set = ms > 0 && ms < LLMFI_CURL_FOREVER ? (long)ms : LLMFI_CURL_FOREVER;
    if (set == e->connect_ms) return;
    e->connect_ms = set;
    (void)curl_easy_setopt(e->curl, CURLOPT_CONNECTTIMEOUT_MS, set);
}

static void llmfi_easy_fresh(llmfi_easy *e, bool fresh) {
    if (e->fresh != fresh) (void)curl_easy_setopt(e->curl, CURLOPT_FRESH_CONNECT, (long)fresh);
    e->fresh = fresh;
}

/* Hands x to libcurl; it runs at the next action. */
static void llmfi_curl_begin(llmfi_curl *c, llmf_exchange *x) {
    llmfi_easy *e = llmfi_easy_take(c);
    bool ready, added = false;
    if (!e) {
        x->state = NULL;
        llmf_exchange_end(x, LLMF_ERR_MEMORY, "no memory for a request: raise memory_size");
        return;
    }
    e->x = x;
    x->state = e;
    e->received = 0;
    e->head_left = LLMF_MAX_HEAD;
    e->headers_left = LLMF_MAX_HEADERS;
    e->status = 0;
    e->failed = LLMF_OK;
    e->result = CURLE_OK;
    e->connected = e->retried = e->head_done = e->paused = e->held = e->resume = e->done = false;
    e->error[0] = '\0';
    e->tls = x->req.url.len > 5 && llmfi_lower(x->req.url.ptr[4]) == 's';
    c->any_tls = c->any_tls || e->tls;
    ready = llmfi_easy_url(e, x->req.url) && llmfi_easy_headers(e, &x->req);
    llmfi_easy_fresh(e, false);
    llmfi_easy_timeout(e, x);
    llmfi_easy_method(e, &x->req);
    c->inside = true; /* whoever writes the body may cancel */
    ready = ready && llmfi_easy_body(e, x);
    c->inside = false;
    if (!e->x) {
        llmfi_easy_give(e, false);
        return;
    }
    if (!ready && !e->failed) (void)llmfi_easy_stop(e, LLMF_ERR_MEMORY, "no memory for a request: raise memory_size");
    if (!e->failed) added = !c->dead && curl_multi_add_handle(c->multi, e->curl) == CURLM_OK;
    if (!e->failed && !added) (void)llmfi_easy_stop(e, LLMF_ERR_NETWORK, "libcurl takes no more requests");
    if (e->failed) llmfi_easy_end(e, false);
}

/* ---- running libcurl ---- */

/* Handles whose exchange was cancelled while libcurl ran. */
static void llmfi_curl_sweep(llmfi_curl *c) {
    llmfi_easy *e = c->used, *next;
    for (; e && c->cancelled; e = next) {
        next = e->next;
        if (!e->x) llmfi_easy_give(e, true);
    }
}

/* A kept connection died before it said anything. libcurl itself tries again only where nothing of a long body was sent. */
static bool llmfi_easy_retry(llmfi_easy *e) {
    long connects = 1;
    if (!e->x || e->failed || e->retried || e->head_left != LLMF_MAX_HEAD) return false;
    if (e->result != CURLE_SEND_ERROR && e->result != CURLE_RECV_ERROR && e->result != CURLE_GOT_NOTHING) return false;
    if (curl_easy_getinfo(e->curl, CURLINFO_NUM_CONNECTS, &connects) || connects) return false;
    (void)curl_multi_remove_handle(e->c->multi, e->curl);
    if (e->x->req.body_len > LLMFI_CURL_WHOLE) llmf_exchange_rewind(e->x);
    llmfi_easy_fresh(e, true);
    e->retried = true;
    e->error[0] = '\0';
    if (curl_multi_add_handle(e->c->multi, e->curl) == CURLM_OK) return true;
    (void)llmfi_easy_stop(e, LLMF_ERR_NETWORK, "libcurl takes no more requests");
    llmfi_easy_end(e, false);
    return true;
}

/* What libcurl has finished. The engine may cancel others meanwhile, so each question begins anew. */
static void llmfi_curl_collect(llmfi_curl *c) {
    CURLMsg *m;
    int left;
    while ((m = curl_multi_info_read(c->multi, &left)) != NULL) {
        char *private_data = NULL;
        llmfi_easy *e;
        if (m->msg != CURLMSG_DONE) continue;
        (void)curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &private_data);
        e = (llmfi_easy *)(void *)private_data;
        e->result = m->data.result;
        if (llmfi_easy_retry(e)) continue;
        e->done = true;
        if (e->result == CURLE_OK && !e->head_done) e->result = CURLE_PARTIAL_FILE; /* libcurl lets a head pass that is cut off */
        if (!e->x || !e->held || e->failed) llmfi_easy_end(e, true);
    }
}

static void llmfi_curl_broken(llmfi_curl *c) {
    c->dead = true;
    while (c->used) {
        c->used->held = false;
        (void)llmfi_easy_stop(c->used, LLMF_ERR_NETWORK, "libcurl cannot go on: no memory or no descriptors");
        llmfi_easy_end(c->used, true);
    }
}

static void llmfi_curl_after(llmfi_curl *c) {
    if (c->cancelled) llmfi_curl_sweep(c);
    llmfi_curl_collect(c);
}

static void llmfi_curl_action(llmfi_curl *c, curl_socket_t fd, int bits) {
    llmfi_pipe_guard guard;
    CURLMcode code;
    int running;
    if (c->inside || c->dead) return;
    if (fd == CURL_SOCKET_TIMEOUT) c->timer_ns = UINT64_MAX;
    c->inside = true;
    llmfi_pipe_guard_on(&guard, c->any_tls);
    code = curl_multi_socket_action(c->multi, fd, bits, &running);
    llmfi_pipe_guard_off(&guard);
    c->inside = false;
    llmfi_curl_after(c);
    if (code != CURLM_OK && code != CURLM_BAD_SOCKET) llmfi_curl_broken(c);
}

/* ---- the transport ---- */

static int llmfi_curl_start(llmfi_transport *t, llmf_exchange *x) {
    llmfi_curl *c = (llmfi_curl *)(void *)t;
    t->why = llmfi_curl_refuse(&x->req);
    if (t->why) return LLMF_ERR_ARGUMENT;
    x->state = c;
    x->next = NULL;
    x->prev = c->last;
    if (c->last) c->last->next = x;
    else c->first = x;
    c->last = x;
    return LLMF_OK;
}

static void llmfi_curl_unqueue(llmfi_curl *c, llmf_exchange *x) {
    if (x->prev) x->prev->next = x->next;
    else c->first = x->next;
    if (x->next) x->next->prev = x->prev;
    else c->last = x->prev;
    x->next = x->prev = NULL;
    x->state = NULL;
}

static void llmfi_curl_cancel(llmfi_transport *t, llmf_exchange *x) {
    llmfi_curl *c = (llmfi_curl *)(void *)t;
    llmfi_easy *e;
    if (x->state == c) {
        llmfi_curl_unqueue(c, x);
        return;
    }
    e = (llmfi_easy *)x->state;
    x->state = NULL;
    e->x = NULL;
    c->cancelled++;
    if (!c->inside) llmfi_easy_give(e, true);
}

/* Lets libcurl hand out what it keeps back, and read on. */
static void llmfi_easy_unpause(llmfi_easy *e) {
    llmfi_curl *c = e->c;
    llmfi_pipe_guard guard;
    if (!e->paused || e->done) return;
    e->paused = false;
    c->inside = true;
    llmfi_pipe_guard_on(&guard, e->tls);
    (void)curl_easy_pause(e->curl, CURLPAUSE_CONT);
    llmfi_pipe_guard_off(&guard);
    c->inside = false;
    llmfi_curl_after(c);
}

static void llmfi_curl_resume(llmfi_transport *t, llmf_exchange *x) {
    llmfi_curl *c = (llmfi_curl *)(void *)t;
    llmfi_easy *e = x->state && x->state != (void *)c ? (llmfi_easy *)x->state : NULL;
    if (!e || !e->held) return;
    if (c->inside) {
        e->resume = c->resumes = true;
        return;
    }
    e->resume = false;
    while (e->rest_at < e->rest.len) {
        size_t left = e->rest.len - e->rest_at, taken = llmf_exchange_data(x, e->rest.ptr + e->rest_at, left);
        if (e->x != x) return;
        e->rest_at += taken < left ? taken : left;
        if (taken < left) return;
    }
    e->held = false;
    llmfi_buf_free(&e->rest);
    e->rest_at = 0;
    if (e->done) llmfi_easy_end(e, true);
    else llmfi_easy_unpause(e);
}

static void llmfi_curl_resume_all(llmfi_curl *c) {
    llmfi_easy *e;
    c->resumes = false;
    for (e = c->used; e; e = e->next) {
        if (!e->resume || !e->x) continue;
        c->resumes = true; /* the list may change: the rest next time */
        llmfi_curl_resume(&c->t, e->x);
        return;
    }
}

static void llmfi_curl_tick(llmfi_transport *t) {
    llmfi_curl *c = (llmfi_curl *)(void *)t;
    bool begun = c->first != NULL;
    while (c->first) {
        llmf_exchange *x = c->first;
        llmfi_curl_unqueue(c, x);
        llmfi_curl_begin(c, x);
        if (llmfi_slice_over(t->net)) break;
    }
    if (begun) llmfi_curl_limit(c);
    if (c->resumes) llmfi_curl_resume_all(c);
    if (c->timer_ns != UINT64_MAX && t->net->now_ns(t->net) >= c->timer_ns) llmfi_curl_action(c, CURL_SOCKET_TIMEOUT, 0);
}

static int64_t llmfi_curl_wait_ms(llmfi_transport *t) {
    llmfi_curl *c = (llmfi_curl *)(void *)t;
    uint64_t now;
    if (c->first || c->resumes) return 0;
    if (c->timer_ns == UINT64_MAX) return -1;
    now = t->net->now_ns(t->net);
    return now >= c->timer_ns ? 0 : (int64_t)((c->timer_ns - now + 999999) / 1000000);
}

static void llmfi_curl_close(llmfi_transport *t) {
    llmfi_curl *c = (llmfi_curl *)(void *)t;
    llmfi_heap *heap = t->net->heap;
    llmfi_pipe_guard guard;
    size_t i;
    while (c->used) llmfi_easy_give(c->used, true);
    while (c->kept) {
        llmfi_easy *e = c->kept;
        c->kept = e->next;
        llmfi_easy_free(e);
    }
    llmfi_pipe_guard_on(&guard, c->any_tls);
    (void)curl_multi_cleanup(c->multi); /* closes the connections: through us, so the descriptors are forgotten */
    llmfi_pipe_guard_off(&guard);
    for (i = 0; i < LLMFI_CURL_BUCKETS; i++)
        while (c->bucket[i]) llmfi_curl_forget(c, c->bucket[i]);
    llmfi_heap_free(heap, c->pool);
    llmfi_heap_free(heap, c);
}

static bool llmfi_curl_multi(llmfi_curl *c, size_t most) {
    if (!c->t.net->desc->no_global_init && curl_global_init(CURL_GLOBAL_DEFAULT)) return false; /* counted by libcurl; never undone: others may use it */
    c->multi = curl_multi_init();
    if (!c->multi) return false;
    (void)curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, llmfi_curl_on_socket);
    (void)curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
    (void)curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, llmfi_curl_on_timer);
    (void)curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
    (void)curl_multi_setopt(c->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)most);
    return true;
}

/* NULL: no memory, ours or libcurl's. */
LLMFI_UNUSED static llmfi_transport *llmfi_curl_open(llmfi_net *net) {
    llmfi_curl *c = (llmfi_curl *)llmfi_heap_alloc(net->heap, sizeof *c);
    size_t most = net->desc->max_connections > 0 ? (size_t)net->desc->max_connections : 100, spare = (most < 64 ? most : 64) + 8, i;
    if (!c) return NULL;
    memset(c, 0, sizeof *c);
    c->t.name = "curl";
    c->t.net = net;
    c->t.start = llmfi_curl_start;
    c->t.cancel = llmfi_curl_cancel;
    c->t.resume = llmfi_curl_resume;
    c->t.tick = llmfi_curl_tick;
    c->t.wait_ms = llmfi_curl_wait_ms;
    c->t.close = llmfi_curl_close;
    c->timer_ns = UINT64_MAX;
    c->most_kept = net->desc->max_idle > 0 ? (size_t)net->desc->max_idle : 10;
    c->pool = (llmfi_curl_socket *)llmfi_heap_alloc(net->heap, spare * sizeof *c->pool);
    if (!c->pool || !llmfi_curl_multi(c, most)) {
        llmfi_heap_free(net->heap, c->pool);
        llmfi_heap_free(net->heap, c);
        return NULL;
    }
    for (i = 0; i < spare; i++) {
        c->pool[i].next = c->spare;
        c->spare = &c->pool[i];
    }
    return &c->t;
}

#endif
#endif
#define LLMFI_LIST_CURL " curl"
#else
#define LLMFI_LIST_CURL ""
#endif

#define LLMFI_TRANSPORT_LIST LLMFI_LIST_REPLAY LLMFI_LIST_SOCKET LLMFI_LIST_CURL

#endif
/* Newline-delimited JSON (Ollama's streams, batch results): one item a line. A line ends with LF; one CR before it is not part of it.
   Lines of nothing but blanks are passed over. */
#ifndef LLMFI_WIRE_NDJSON_H
#define LLMFI_WIRE_NDJSON_H

typedef struct llmfi_ndjson {
    llmfi_buf line;                          /* an unfinished line */
    size_t max_line;
    llmf_str payload;                        /* the item; until the next call, or until the caller reuses the bytes of the input */
    int error;                               /* LLMFI_WIRE_MEMORY, _LIMIT */
    bool spent;                              /* `line` holds the payload of the item handed out last */
} llmfi_ndjson;

/* max_line: bytes before the LF, 0 for LLMF_MAX_LINE. */
LLMFI_UNUSED static void llmfi_ndjson_init(llmfi_ndjson *s, llmfi_heap *heap, size_t max_line) {
    memset(s, 0, sizeof *s);
    llmfi_buf_init(&s->line, heap, 0);
    s->max_line = max_line ? max_line : LLMF_MAX_LINE;
}

LLMFI_UNUSED static void llmfi_ndjson_free(llmfi_ndjson *s) {
    llmfi_buf_free(&s->line);
}

/* Makes the line the item; false when it is blank. */
static bool llmfi_ndjson_item(llmfi_ndjson *s, llmf_str line) {
    size_t i = 0;
    if (line.len && line.ptr[line.len - 1] == '\r') line.len--;
    while (i < line.len && llmfi_is_space(line.ptr[i])) i++;
    s->payload = line;
    return i < line.len;
}

/* LLMFI_WIRE_ITEM: payload is set; _MORE: *in is empty; _ERROR. */
LLMFI_UNUSED static int llmfi_ndjson_next(llmfi_ndjson *s, llmf_str *in) {
    if (s->error) return LLMFI_WIRE_ERROR;
    if (s->spent) llmfi_wire_drop(&s->line);
    s->spent = false;
    while (in->len) {
        const char *lf = (const char *)memchr(in->ptr, '\n', in->len);
        llmf_str piece = llmfi_str(in->ptr, lf ? (size_t)(lf - in->ptr) : in->len);
        bool whole = lf && !s->line.len;
        if (!whole) s->error = llmfi_wire_keep(&s->line, piece, s->max_line);
        else if (piece.len > s->max_line) s->error = LLMFI_WIRE_LIMIT;
        if (s->error) return LLMFI_WIRE_ERROR;
        llmfi_wire_take(in, piece.len + (lf ? 1 : 0));
        if (!lf) break;
        if (llmfi_ndjson_item(s, whole ? piece : llmfi_buf_str(&s->line))) {
            s->spent = !whole;
            return LLMFI_WIRE_ITEM;
        }
        if (!whole) llmfi_wire_drop(&s->line);
    }
    return LLMFI_WIRE_MORE;
}

/* The input ended: LLMFI_WIRE_ITEM when a last line without its LF is there, whose JSON must tell whether it is whole; else _MORE. */
LLMFI_UNUSED static int llmfi_ndjson_end(llmfi_ndjson *s) {
    if (s->error) return LLMFI_WIRE_ERROR;
    if (s->spent || !llmfi_ndjson_item(s, llmfi_buf_str(&s->line))) return LLMFI_WIRE_MORE;
    s->spent = true;
    return LLMFI_WIRE_ITEM;
}

#endif
/* Server-sent events (HTML standard, section 9.2): lines end with LF, CR or CRLF, an event with a blank line.
   One thing is the caller's choice: the standard drops an event that the end of the input cuts off before its blank line; some servers
   end their last event so. llmfi_sse_end hands it out unless `drop_unclosed` is set; whether it is whole, its JSON must tell. */
#ifndef LLMFI_WIRE_SSE_H
#define LLMFI_WIRE_SSE_H

/* Bytes kept of an event's name; the rest is cut off: what an event is, the type in its JSON says. */
#define LLMFI_SSE_NAME 64

typedef struct llmfi_sse {
    llmfi_buf line;                          /* an unfinished line */
    llmfi_buf data;                          /* data of the event so far, where it does not lie in the input */
    llmfi_buf id;                            /* the last id of the stream; stays from event to event. Limit: max_line */
    size_t max_line, max_event;
    uint64_t comments;                       /* lines that begin with a colon: keep-alives */
    int64_t retry_ms;                        /* the last valid `retry`; -1: none */
    llmf_str event, payload;                 /* the item. event is empty where none was named (the standard's "message").
                                                Both until the next call; the payload also no longer than the caller leaves the bytes of
                                                the input alone: where event and blank line lie in one input it is a view into it */
    llmf_str held;                           /* data of the event so far: in the input of this call, or in `data` */
    int error;                               /* LLMFI_WIRE_MEMORY, _LIMIT (of line or event) */
    bool drop_unclosed;                      /* set after init: llmfi_sse_end gives nothing, as the standard has it */
    bool has_data, borrowed;                 /* held counts; held lies in the input */
    bool begun, after_cr;                    /* the first line is over (a byte order mark can no longer come); the last byte was a CR */
    unsigned char name_len;
    char name[LLMFI_SSE_NAME];               /* of the event under way; then of the item */
} llmfi_sse;

/* max_line: bytes of a line without its end; max_event: bytes of the data of an event. 0: LLMF_MAX_LINE, LLMF_MAX_EVENT. */
LLMFI_UNUSED static void llmfi_sse_init(llmfi_sse *s, llmfi_heap *heap, size_t max_line, size_t max_event) {
    memset(s, 0, sizeof *s);
    llmfi_buf_init(&s->line, heap, 0);
    llmfi_buf_init(&s->data, heap, 0);
    llmfi_buf_init(&s->id, heap, 0);
    s->max_line = max_line ? max_line : LLMF_MAX_LINE;
    s->max_event = max_event ? max_event : LLMF_MAX_EVENT;
    s->retry_ms = -1;
}

LLMFI_UNUSED static void llmfi_sse_free(llmfi_sse *s) {
    llmfi_buf_free(&s->line);
    llmfi_buf_free(&s->data);
    llmfi_buf_free(&s->id);
}

/* The first CR or LF, or NULL. Looks ahead in growing windows: text with CR only is not searched to its end for each line. */
static const char *llmfi_sse_line_end(const char *at, size_t len) {
    size_t window = 1024;
    if (*at == '\n') return at;
    while (len) {
        size_t n = len < window ? len : window;
        const char *lf = (const char *)memchr(at, '\n', n);
        const char *cr = (const char *)memchr(at, '\r', lf ? (size_t)(lf - at) : n);
        if (cr || lf) return cr ? cr : lf;
        at += n;
        len -= n;
        window *= 2;
    }
    return NULL;
}

/* Brings `held` into `data`, at its front. */
static bool llmfi_sse_own(llmfi_sse *s) {
    if (s->borrowed) {
        s->data.len = 0;
        if (!llmfi_buf_add(&s->data, s->held.ptr, s->held.len)) s->error = LLMFI_WIRE_MEMORY;
    } else {
        if (s->held.len && s->held.ptr != s->data.ptr) memmove(s->data.ptr, s->held.ptr, s->held.len);
        s->data.len = s->held.len;
    }
    if (s->error) return false;
    s->borrowed = false;
    s->held = llmfi_buf_str(&s->data);
    return true;
}

/* The first data line is held where it lies; a line kept in `line` keeps its memory, which becomes that of `data`. */
static void llmfi_sse_hold(llmfi_sse *s, llmf_str value, bool in_input) {
    s->has_data = true;
    s->borrowed = in_input;
    s->held = value;
    if (!in_input) {
        llmfi_buf spare = s->data;
        s->data = s->line;
        s->line = spare;
        s->line.len = 0;
    }
}

static void llmfi_sse_data(llmfi_sse *s, llmf_str value, bool in_input) {
    size_t have = s->has_data ? s->held.len + 1 : 0;
    if (have > s->max_event || value.len > s->max_event - have) {
        s->error = LLMFI_WIRE_LIMIT;
    } else if (!s->has_data) {
        llmfi_sse_hold(s, value, in_input);
    } else if (llmfi_sse_own(s)) {
        if (!llmfi_buf_reserve(&s->data, value.len + 1)) {
            s->error = LLMFI_WIRE_MEMORY;
            return;
        }
        s->data.ptr[s->data.len++] = '\n';
        llmfi_buf_add(&s->data, value.ptr, value.len);
        s->held = llmfi_buf_str(&s->data);
    }
}

/* Only digits count; what does not fit in 18 of them is the most that does. */
static void llmfi_sse_retry(llmfi_sse *s, llmf_str value) {
    int64_t ms = 0;
    size_t i;
    for (i = 0; i < value.len; i++) {
        if (!llmfi_is_digit(value.ptr[i])) return;
        ms = ms < 100000000000000000 ? ms * 10 + (value.ptr[i] - '0') : 999999999999999999;
    }
    if (value.len) s->retry_ms = ms;
}

static void llmfi_sse_id(llmfi_sse *s, llmf_str value) {
    if (llmfi_find_char(value, '\0') != LLMFI_NOWHERE) return;
    s->id.len = 0;
    s->error = llmfi_wire_keep(&s->id, value, s->max_line);
}

static void llmfi_sse_name(llmfi_sse *s, llmf_str value) {
    s->name_len = (unsigned char)(value.len < LLMFI_SSE_NAME ? value.len : LLMFI_SSE_NAME);
    if (s->name_len) memcpy(s->name, value.ptr, s->name_len);
}

/* What stands behind the field's colon and one space. */
static llmf_str llmfi_sse_value(llmf_str line, size_t colon) {
    llmf_str value = llmfi_from(line, colon == LLMFI_NOWHERE ? line.len : colon + 1);
    return value.len && value.ptr[0] == ' ' ? llmfi_from(value, 1) : value;
}

/* A byte order mark before the first line of the stream is no part of it. */
static llmf_str llmfi_sse_begin(llmfi_sse *s, llmf_str line) {
    bool mark = !s->begun && llmfi_starts(line, LLMFI_LIT("\xEF\xBB\xBF"));
    s->begun = true;
    return llmfi_from(line, mark ? 3 : 0);
}

static void llmfi_sse_field(llmfi_sse *s, llmf_str line, bool in_input) {
    size_t colon = llmfi_starts(line, LLMFI_LIT("data:")) ? 4 : llmfi_find_char(line, ':');
    llmf_str field = llmfi_str(line.ptr, colon == LLMFI_NOWHERE ? line.len : colon), value = llmfi_sse_value(line, colon);
    if (LLMFI_IS(field, "data")) llmfi_sse_data(s, value, in_input);
    else if (LLMFI_IS(field, "event")) llmfi_sse_name(s, value);
    else if (LLMFI_IS(field, "id")) llmfi_sse_id(s, value);
    else if (LLMFI_IS(field, "retry")) llmfi_sse_retry(s, value);
    else if (!field.len) s->comments++;
}

/* A blank line: true when there is an event to hand out. */
static bool llmfi_sse_dispatch(llmfi_sse *s) {
    bool ready = s->has_data;
    s->event = llmfi_str(s->name, s->name_len);
    s->payload = s->held;
    s->name_len = 0;
    s->has_data = s->borrowed = false;
    return ready;
}

/* Takes one line. True when it is whole: then it lies in the input, or in `line`. */
static bool llmfi_sse_line(llmfi_sse *s, llmf_str *in, llmf_str *line) {
    const char *end = llmfi_sse_line_end(in->ptr, in->len);
    llmf_str piece = llmfi_str(in->ptr, end ? (size_t)(end - in->ptr) : in->len);
    if (!end || s->line.len) s->error = llmfi_wire_keep(&s->line, piece, s->max_line);
    else if (piece.len > s->max_line) s->error = LLMFI_WIRE_LIMIT;
    if (s->error) return false;
    *line = s->line.len ? llmfi_buf_str(&s->line) : piece;
    s->after_cr = end && *end == '\r';
    llmfi_wire_take(in, piece.len + (end ? 1 : 0));
    return end != NULL;
}

/* The item of the call before is over. */
static void llmfi_sse_recycle(llmfi_sse *s) {
    if (!s->has_data && s->data.cap > LLMF_WIRE_KEEP) llmfi_buf_free(&s->data);
    if (!s->line.len && s->line.cap > LLMF_WIRE_KEEP) llmfi_buf_free(&s->line);
}

/* LLMFI_WIRE_ITEM: event and payload are set; _MORE: *in is empty; _ERROR. */
LLMFI_UNUSED static int llmfi_sse_next(llmfi_sse *s, llmf_str *in) {
    llmf_str line;
    if (s->error) return LLMFI_WIRE_ERROR;
    llmfi_sse_recycle(s);
    while (in->len) {
        if (s->after_cr) {
            s->after_cr = false;
            if (*in->ptr == '\n') {
                llmfi_wire_take(in, 1);
                continue;
            }
        }
        if (!llmfi_sse_line(s, in, &line)) break;
        if (!s->begun) line = llmfi_sse_begin(s, line);
        if (line.len) llmfi_sse_field(s, line, s->line.len == 0);
        else if (llmfi_sse_dispatch(s)) return LLMFI_WIRE_ITEM;
        s->line.len = 0;
        if (s->error) return LLMFI_WIRE_ERROR;
    }
    if (!s->error && s->borrowed) llmfi_sse_own(s);
    return s->error ? LLMFI_WIRE_ERROR : LLMFI_WIRE_MORE;
}

/* The input ended. LLMFI_WIRE_ITEM: an event without its blank line was there (never with drop_unclosed); _MORE: none; _ERROR.
   Of a last line without its end only data counts: another field may be half a word. */
LLMFI_UNUSED static int llmfi_sse_end(llmfi_sse *s) {
    llmf_str line = llmfi_sse_begin(s, llmfi_buf_str(&s->line));
    if (s->error) return LLMFI_WIRE_ERROR;
    if (s->drop_unclosed) return LLMFI_WIRE_MORE;
    if (llmfi_starts(line, LLMFI_LIT("data:")) || LLMFI_IS(line, "data")) llmfi_sse_field(s, line, false);
    s->line.len = 0;
    if (s->error) return LLMFI_WIRE_ERROR;
    return llmfi_sse_dispatch(s) ? LLMFI_WIRE_ITEM : LLMFI_WIRE_MORE;
}

#endif

/* Events that wait for llmf_next before a call stops reading. */
#ifndef LLMF_MAX_QUEUED
#define LLMF_MAX_QUEUED 64
#endif
/* Bytes kept of an error reply's body. */
#ifndef LLMF_MAX_ERROR_BODY
#define LLMF_MAX_ERROR_BODY 1048576
#endif
/* Milliseconds that a reply whose terminal event has come may still go on for (usage, [DONE], late errors). */
#ifndef LLMF_TAIL_MS
#define LLMF_TAIL_MS 2000
#endif
/* Registered providers and dialects. */
#ifndef LLMF_MAX_REGISTERED
#define LLMF_MAX_REGISTERED 32
#endif

enum { LLMFI_MS = 1000000 };                 /* nanoseconds in a millisecond */
enum { LLMFI_BODY_KEEP = 4096 };             /* bytes of a request's body that are kept from counting it to sending it */

/* Of 4 KiB at most on 64-bit machines: above, the heap would give it eight. */
typedef struct llmfi_call {
    llmf_factory *f;
    uint64_t id;
    struct llmfi_call *next, *prev;          /* all calls */
    struct llmfi_call *ready_next;           /* calls with something for llmf_next_any */

    llmfi_arena arena;                       /* everything that lives as long as the call */
    llmfi_prepared *prepared;                /* counted; NULL only where it could not be had */
    llmf_request req;
    llmfi_ask ask;
    llmfi_body body;
    llmf_str secret;                         /* the authorization value in the arena: wiped at the end */

    llmf_exchange x;
    llmfi_reply reply;
    llmfi_sse sse;
    llmfi_ndjson ndjson;
    llmfi_buf whole;                         /* a reply that is one frame, or an error's body */
    llmfi_buf raw;                           /* LLMF_KEEP_RAW */
    uint64_t received;                       /* bytes of body */
    int64_t retry_after_ms;
    llmf_str errortype;                      /* x-amzn-errortype: AWS names the kind of an error in a header */

    uint64_t start_ns, connected_ns, first_byte_ns, content_ns, terminal_ns; /* 0: not yet; content_ns: the latest */
    uint64_t first_content_ns, end_ns;
    uint64_t deadline_ns;                    /* the next of its timeouts; UINT64_MAX: none */
    llmf_timeouts timeouts;                  /* resolved: below 0 none */
    const char *deadline_what;

    int framing;                             /* LLMF_FRAMING_…, set when the status is known */
    bool ready;                              /* in the list of those with something for llmf_next_any */
    bool held_back;                          /* the transport has more than was taken: resume it */
    bool sniffed;                            /* the first byte of a stream has been looked at */
    bool previewing;                         /* built to be looked at: needs no key, sends nothing */
    bool quiet;                              /* events are of no interest: llmf_generate */
    bool calling;                            /* inside the user's callback */
    bool stop, free_later;                   /* asked for inside a callback */
    bool ended, taken;                       /* the response is made; the final event has been handed out */
    llmf_attempt attempt;
    llmf_response response;
} llmfi_call;

typedef struct llmfi_call_slot {
    llmfi_call *call;
    uint32_t generation;
    uint32_t next_free;                      /* index + 1 */
} llmfi_call_slot;

struct llmf_factory {
    llmf_desc desc;                          /* texts copied into the permanent arena */
    llmfi_heap heap;
    size_t block_size, permanent;
    void *block;                             /* ours to give back through `alloc`; NULL: the caller's */
    llmf_alloc_fn alloc;

    llmfi_env env;
    llmfi_config *config;
    llmfi_handles handles;
    uint32_t last_handle;                    /* of the last llmf_get: asked for again more often than not */

    llmfi_net net;
    llmfi_watch watch;
    llmfi_transport *curl, *socket, *replay, *echo, *custom, *stream; /* NULL: not opened */
    llmfi_transport *transports[6];
    size_t transport_count;

    llmfi_call_slot *slots;
    uint32_t max_calls, free_slot;           /* free_slot: index + 1; 0: none */
    llmfi_call *calls, *ready_first, *ready_last;
    int active;                              /* calls whose final event has not been taken */
    uint64_t now_ns;                         /* read once for each piece of work */
    uint64_t next_deadline_ns;               /* no call's is earlier; UINT64_MAX: none */
    uint64_t events;                         /* handed out, ever: lets llmf_poll see that something happened */
    bool deferred;                           /* some call must be ended, freed or called back, outside of what runs now */
    bool held;                               /* some call was stopped by the slice */
    bool polling;                            /* inside llmf_poll */
    char body[LLMFI_BODY_KEEP];              /* of the call `body_of` (0: of none): it was written to know its length, and as a rule is sent right after */
    uint64_t body_of;
    bool watching;                           /* the watch is open */

    size_t registered_count;
#if LLMF_HAS_REGISTER
    llmf_provider_desc registered[LLMF_MAX_REGISTERED];
    const llmf_dialect *dialects[LLMF_MAX_REGISTERED];
#endif
    llmf_error last_error;
};

/* ---- time ---- */

static uint64_t llmfi_now(llmf_factory *f) {
    f->now_ns = f->desc.clock_ns ? f->desc.clock_ns(f->desc.user) : llmfi_clock_ns();
    return f->now_ns;
}

LLMFI_UNUSED static uint64_t llmfi_net_now(const llmfi_net *net) {
    return net->desc->clock_ns ? net->desc->clock_ns(net->desc->user) : llmfi_clock_ns();
}

/* Milliseconds between two moments, LLMF_UNKNOWN where one never came. */
static int64_t llmfi_between_ms(uint64_t from, uint64_t to) {
    return from && to && to >= from ? (int64_t)((to - from) / LLMFI_MS) : LLMF_UNKNOWN;
}

/* ---- the log ---- */

static void llmfi_log(llmf_factory *f, int level, int id, llmf_str text) {
    int most = f->desc.log_level ? f->desc.log_level : LLMF_LOG_WARNING;
    if (f->desc.log && level <= most) f->desc.log(f->desc.user, level, id, text);
}

/* ---- ids ---- */

static llmfi_call *llmfi_call_of(const llmf_factory *f, llmf_call c) {
    uint32_t at = (uint32_t)c.id;
    if (!f || at == 0 || at > f->max_calls || f->slots[at - 1].generation != (uint32_t)(c.id >> 32)) return NULL;
    return f->slots[at - 1].call;
}

#endif

static const char *const llmfi_result_names[] = {
    "ok",         "argument",  "config",      "unknown_model",  "unknown_provider", "not_built", "unsupported", "auth",    "permission", "not_found",
    "rate_limit", "quota",     "context_length", "content_filter", "bad_request",   "overloaded", "server",     "timeout", "network",    "tls",
    "protocol",   "truncated", "memory",      "limit",          "budget",           "schema",    "cancelled",   "stale",   "all_failed",
};

LLMF_API const char *llmf_result_name(int result) {
    return result >= 0 && result < (int)LLMFI_COUNT(llmfi_result_names) ? llmfi_result_names[result] : "unknown";
}

static const char *const llmfi_finish_names[] = {"", "stop", "length", "tool_calls", "content_filter", "refusal", "other"};

LLMF_API const char *llmf_finish_name(int finish) {
    return finish >= 0 && finish < (int)LLMFI_COUNT(llmfi_finish_names) ? llmfi_finish_names[finish] : "other";
}

#define LLMFI_BUILT_0(name)
#define LLMFI_BUILT_1(name) " " name
#define LLMFI_BUILT_CAT(has, name) LLMFI_BUILT_##has(name)
#define LLMFI_BUILT(has, name) LLMFI_BUILT_CAT(has, name)

LLMF_API const char *llmf_build_info(void) {
    return "llmfactory " LLMF_VERSION
           "\ntransports:" LLMFI_TRANSPORT_LIST
           "\nproviders:"
#define LLMF_PROVIDER(id, name, aliases, dialect, base_url, auth, keys, model, max_tokens, version, embed_model, embed_batch, quirks) LLMFI_BUILT(LLMF_HAS_##id, name)
#ifdef LLMF_MODELS_DEF
#include LLMF_MODELS_DEF
#else
LLMFI_ROWS_PROVIDER
#undef LLMF_PROVIDER
#endif
           "\noptions:" LLMFI_BUILT(LLMF_HAS_FILES, "files") LLMFI_BUILT(LLMF_HAS_ENV, "env") LLMFI_BUILT(LLMF_HAS_YAML, "yaml")
               LLMFI_BUILT(LLMF_HAS_MODELS, "models") LLMFI_BUILT(LLMF_HAS_EPOLL, "epoll");
}

#endif
/* Opening and closing a factory: the one block, its permanent part, the transports. */
#ifndef LLMFI_ENGINE_OPEN_H
#define LLMFI_ENGINE_OPEN_H
/* The life of a call, and its three faces: poll and next, callback, blocking. llmf_poll is the only engine. */
#ifndef LLMFI_ENGINE_CALL_H
#define LLMFI_ENGINE_CALL_H
/* A resolved model in the words of the public API. */
#ifndef LLMFI_ENGINE_INFO_H
#define LLMFI_ENGINE_INFO_H

LLMFI_UNUSED static void llmfi_fill_info(llmf_factory *f, const llmfi_record *r, llmf_model_info *i) {
    const llmfi_price *price = llmfi_record_price(r, 0);
    int auth = LLMFI_AUTH_NONE;
    memset(i, 0, sizeof *i);
    i->name = r->s.name;
    i->provider = r->provider->name;
    i->model_id = r->s.model_id;
    i->dialect = r->provider->dialect;
    i->base_url = r->s.base_url;
    i->description = r->s.description;
    i->context_window = r->s.context_window;
    i->max_output = r->s.max_output;
    i->price_input = price->input;
    i->price_output = price->output;
    i->price_cache_read = price->cache_read;
    i->price_cache_write = price->cache_write;
    i->capabilities = r->capabilities;
    i->configured = r->from_config;
    i->has_key = llmfi_record_key(r, &f->env, &auth).len > 0 || auth == LLMFI_AUTH_NONE || (r->s.quirks & LLMFI_Q_NO_KEY_NEEDED);
    i->unavailable = !r->provider->built ? LLMF_ERR_NOT_BUILT : !i->has_key ? LLMF_ERR_AUTH : LLMF_OK;
}

#endif
/* From the bytes of a reply to events. The transport pushes (llmf_exchange_…); a call takes as much as fits its queue and the time slice, and asks for the rest later. */
#ifndef LLMFI_ENGINE_RECEIVE_H
#define LLMFI_ENGINE_RECEIVE_H
/* Dialects that a program registers (llmf_dialect), seen through the same adapter as our own. */
#ifndef LLMFI_ENGINE_REGISTERED_H
#define LLMFI_ENGINE_REGISTERED_H

#if LLMF_HAS_REGISTER

/* The ask is a member of its call. */
static llmfi_call *llmfi_call_of_ask(const llmfi_ask *ask) {
    return (llmfi_call *)(void *)((char *)(uintptr_t)ask - offsetof(llmfi_call, ask));
}

static void llmfi_registered_path(const llmfi_ask *ask, llmfi_out *out) {
    llmfi_call *c = llmfi_call_of_ask(ask);
    const llmf_dialect *d = c->prepared->dialect;
    llmf_model_info info;
    llmfi_fill_info(c->f, &c->prepared->record, &info);
    if (d->path) d->path(d->user, ask->req, &info, (llmf_out *)(void *)out);
}

static bool llmfi_registered_body(const llmfi_ask *ask, unsigned step, llmfi_jw *w) {
    llmfi_call *c = llmfi_call_of_ask(ask);
    const llmf_dialect *d = c->prepared->dialect;
    llmf_model_info info;
    (void)step;
    llmfi_fill_info(c->f, &c->prepared->record, &info);
    llmfi_jw_value(w); /* for the writer the value is there; its bytes the dialect writes itself */
    if (d->body) d->body(d->user, ask->req, &info, (llmf_out *)(void *)w->out);
    return false;
}

static const llmfi_adapter llmfi_registered = {"registered", NULL, llmfi_registered_path, NULL, llmfi_registered_body, 0, 0, NULL, NULL};

static const llmfi_adapter *llmfi_adapter_of(const llmfi_call *c) {
    return c->prepared->adapter ? c->prepared->adapter : &llmfi_registered;
}

static int llmfi_framing_of(const llmfi_call *c, bool stream) {
    if (c->prepared->dialect) return stream ? c->prepared->dialect->stream_framing : c->prepared->dialect->framing;
    return stream ? c->prepared->adapter->stream_framing : c->prepared->adapter->framing;
}

static void llmfi_on_frame(llmfi_call *c, llmf_str event, llmf_str data) {
    const llmf_dialect *d = c->prepared->dialect;
    if (d && d->on_frame) d->on_frame(d->user, &c->reply, event, data);
    if (c->prepared->adapter) c->prepared->adapter->on_frame(&c->reply, event, data);
}

#else

static const llmfi_adapter *llmfi_adapter_of(const llmfi_call *c) {
    return c->prepared->adapter;
}

static int llmfi_framing_of(const llmfi_call *c, bool stream) {
    return stream ? c->prepared->adapter->stream_framing : c->prepared->adapter->framing;
}

static void llmfi_on_frame(llmfi_call *c, llmf_str event, llmf_str data) {
    c->prepared->adapter->on_frame(&c->reply, event, data);
}

#endif

LLMF_API void llmf_out_write(llmf_out *out, const char *bytes, size_t len) {
    llmfi_put((llmfi_out *)(void *)out, bytes, len);
}

LLMF_API void llmf_out_json_string(llmf_out *out, llmf_str text) {
    llmfi_jw w;
    llmfi_jw_init(&w, (llmfi_out *)(void *)out);
    llmfi_jw_str(&w, text);
}

#endif
/* From what came to what it means: cost, response, final error. */
#ifndef LLMFI_ENGINE_SETTLE_H
#define LLMFI_ENGINE_SETTLE_H

/* tokens * price added to *sum; false where a part is unknown or the product does not fit. */
static bool llmfi_cost_add(int64_t *sum, int64_t tokens, int64_t price) {
    if (tokens == 0) return true;
    if (tokens < 0 || price < 0) return false;
    if (price && tokens > INT64_MAX / price) return false;
    if (tokens * price > INT64_MAX - *sum) return false;
    *sum += tokens * price;
    return true;
}

/* Pico-dollars, exact, or LLMF_UNKNOWN: a price or a count that is not known is not 0. */
LLMFI_UNUSED static int64_t llmfi_cost(const llmfi_price *p, const llmf_usage *u) {
    int64_t sum = 0, read = u->cache_read > 0 ? u->cache_read : 0, write = u->cache_write > 0 ? u->cache_write : 0;
    int64_t plain = u->input - read - write;
    if (u->input < 0 || u->output < 0) return LLMF_UNKNOWN;
    if (!llmfi_cost_add(&sum, plain < 0 ? 0 : plain, p->input) || !llmfi_cost_add(&sum, read, p->cache_read) ||
        !llmfi_cost_add(&sum, write, p->cache_write) || !llmfi_cost_add(&sum, u->output, p->output))
        return LLMF_UNKNOWN;
    return sum;
}

/* Fills c->response; c->reply.error is what the call ended with. */
LLMFI_UNUSED static void llmfi_settle(llmfi_call *c) {
    llmf_response *r = &c->response;
    llmfi_reply *reply = &c->reply;
    r->call.id = c->id;
    if (c->prepared) {
        r->provider = c->prepared->record.provider->name;
        r->model = c->prepared->record.s.name;
    }
    r->model_used = reply->model_used;
    r->request_id = reply->request_id;
    r->text = r->reasoning = r->refusal = llmfi_str("", 0);
    if (!reply->discard) { /* else what is still there are events not yet taken */
        r->text = llmfi_reply_text_of(&reply->text);
        r->reasoning = llmfi_reply_text_of(&reply->reasoning);
        r->refusal = llmfi_reply_text_of(&reply->refusal);
    }
    r->state = llmfi_reply_text_of(&reply->state);
    r->raw = llmfi_buf_str(&c->raw);
    r->tool_calls = reply->calls;
    r->tool_call_count = reply->call_count;
    r->citations = (const llmf_citation *)(const void *)reply->citations.ptr;
    r->citation_count = reply->citations.len / sizeof(llmf_citation);
    r->finish = reply->finish;
    r->finish_raw = reply->finish_raw;
    r->usage = reply->usage;
    r->cost_pico = c->prepared ? llmfi_cost(llmfi_record_price(&c->prepared->record, reply->usage.input), &reply->usage) : LLMF_UNKNOWN;
    r->latency_ms = llmfi_between_ms(c->start_ns, c->end_ns);
    r->first_token_ms = llmfi_between_ms(c->start_ns, c->first_content_ns);
    r->error = reply->error;
    r->error.http_status = reply->status;
    r->error.retry_after_ms = c->retry_after_ms;
    c->attempt.provider = r->provider;
    c->attempt.model = r->model;
    c->attempt.error = r->error.code;
    c->attempt.latency_ms = r->latency_ms;
    r->attempts = &c->attempt;
    r->attempt_count = c->start_ns ? 1 : 0;
}

#endif

/* ---- timers: each call has one next deadline ---- */

static void llmfi_deadline_try(llmfi_call *c, uint64_t from, int64_t ms, const char *what) {
    uint64_t at;
    if (ms < 0 || !from) return;
    at = from + (uint64_t)ms * LLMFI_MS;
    if (at >= c->deadline_ns) return;
    c->deadline_ns = at;
    c->deadline_what = what;
}

/* Silence is measured from the last content, before the first of it from the last byte; not while the caller is the one who waits. */
static void llmfi_set_deadline(llmfi_call *c) {
    c->deadline_ns = UINT64_MAX;
    if (!c->ended && c->x.by) {
        bool stopped = c->held_back;
        llmfi_deadline_try(c, c->start_ns, c->timeouts.total_ms, "total (timeouts.total_ms)");
        if (c->terminal_ns) llmfi_deadline_try(c, c->terminal_ns, LLMF_TAIL_MS, NULL);
        if (!c->first_byte_ns) llmfi_deadline_try(c, c->connected_ns, c->timeouts.first_byte_ms, "first byte (timeouts.first_byte_ms)");
        else if (!stopped) llmfi_deadline_try(c, c->content_ns, c->timeouts.idle_ms, "idle: nothing new came (timeouts.idle_ms)");
        if (!c->first_content_ns && !stopped) llmfi_deadline_try(c, c->start_ns, c->timeouts.first_content_ms, "first content (timeouts.first_content_ms)");
    }
    if (c->deadline_ns < c->f->next_deadline_ns) c->f->next_deadline_ns = c->deadline_ns;
}

/* ---- handing out ---- */

static void llmfi_mark_ready(llmfi_call *c) {
    llmf_factory *f = c->f;
    f->events++;
    if (c->ready || c->quiet || c->req.on_event) return;
    c->ready = true;
    c->ready_next = NULL;
    if (f->ready_last) f->ready_last->ready_next = c;
    else f->ready_first = c;
    f->ready_last = c;
}

static bool llmfi_final_event(llmfi_call *c, llmf_event *ev) {
    if (!c->ended || c->taken) return false;
    c->taken = true;
    c->f->active--;
    memset(ev, 0, sizeof *ev);
    ev->type = c->response.error.code == LLMF_OK ? LLMF_EVENT_DONE : LLMF_EVENT_ERROR;
    ev->response = &c->response;
    ev->usage = &c->response.usage;
    return true;
}

/* The next event that waits, the final one last. */
static bool llmfi_pop_event(llmfi_call *c, llmf_event *ev) {
    if (!llmfi_reply_next(&c->reply, ev) && !llmfi_final_event(c, ev)) return false;
    ev->call.id = c->id;
    return true;
}

/* Calls back, or throws away what nobody wants; else leaves the events for llmf_next. */
static void llmfi_hand_out(llmfi_call *c) {
    llmf_event ev;
    if (c->quiet) {
        while (llmfi_reply_next(&c->reply, &ev)) continue;
        llmfi_reply_release_events(&c->reply);
        if (c->ended) c->f->events++;
        return;
    }
    if (!c->req.on_event) {
        if (llmfi_reply_count(&c->reply) || (c->ended && !c->taken)) llmfi_mark_ready(c);
        return;
    }
    if (!c->f->polling) { /* callbacks run inside llmf_poll only */
        c->f->deferred = true;
        return;
    }
    while (!c->calling && !c->free_later && !(c->stop && !c->ended) && llmfi_pop_event(c, &ev)) {
        int rc;
        c->f->events++;
        c->calling = true;
        rc = c->req.on_event(c->req.on_event_user, &ev);
        c->calling = false;
        if (rc != LLMF_CONTINUE && !c->ended) c->stop = c->f->deferred = true;
    }
    if (!llmfi_reply_count(&c->reply)) llmfi_reply_release_events(&c->reply);
}

/* ---- the end ---- */

static void llmfi_give_back_decoder(llmfi_call *c) {
    llmfi_sse_free(&c->sse);
    llmfi_ndjson_free(&c->ndjson);
    llmfi_buf_free(&c->whole);
}

/* Ollama cuts a prompt that is longer than its window without a word: the count that it reports tells. */
static void llmfi_warn_window(llmfi_call *c) {
    char line[200];
    llmfi_text t = llmfi_text_in(line, sizeof line);
    int64_t window = c->prepared ? c->prepared->record.s.num_ctx : 0;
    if (window <= 0 || c->reply.usage.input < window) return;
    llmfi_say(&t, c->prepared->record.s.name);
    LLMFI_SAY(&t, ": the prompt filled num_ctx (");
    llmfi_say_int(&t, window);
    LLMFI_SAY(&t, " tokens) and was probably cut: raise num_ctx");
    llmfi_log(c->f, LLMF_LOG_WARNING, 3, llmfi_str(line, t.len));
}

/* The call is over; c->reply.error says how. */
static void llmfi_finish(llmfi_call *c) {
    if (c->ended) return;
    c->ended = true;
    c->end_ns = llmfi_now(c->f);
    llmfi_give_back_decoder(c);
    llmfi_settle(c);
    llmfi_warn_window(c);
    llmfi_set_deadline(c);
    llmfi_hand_out(c);
}

/* Stops the exchange and ends the call with what had come. */
static void llmfi_abort(llmfi_call *c, int code, const char *text) {
    if (c->ended) return;
    if (c->x.by) c->x.by->cancel(c->x.by, &c->x);
    c->x.by = NULL;
    if (code != LLMF_OK && c->reply.error.code == LLMF_OK) llmfi_error_set(&c->reply.error, code, text);
    llmfi_reply_end(&c->reply, true);
    llmfi_finish(c);
}

/* ---- frames ---- */

static void llmfi_frame(llmfi_call *c, llmf_str event, llmf_str data) {
    llmfi_on_frame(c, event, data);
    if (c->reply.content && !c->first_content_ns) c->first_content_ns = c->f->now_ns;
    if (c->reply.terminal && !c->terminal_ns) c->terminal_ns = c->f->now_ns;
    if (c->reply.error.code != LLMF_OK) c->f->deferred = true;
    if (llmfi_reply_count(&c->reply)) {
        c->content_ns = c->f->now_ns;
        llmfi_hand_out(c);
    }
}

/* No more for now: the caller must take events first, or this poll's time is over, or the call is about to end. */
static bool llmfi_full(const llmfi_call *c) {
    return c->stop || c->free_later || llmfi_reply_count(&c->reply) >= LLMF_MAX_QUEUED || llmfi_slice_over(&c->f->net);
}

static void llmfi_wire_failed(llmfi_call *c, int why) {
    c->f->deferred = true;
    if (c->reply.error.code != LLMF_OK) return;
    if (why == LLMFI_WIRE_MEMORY) llmfi_error_memory(&c->reply.error);
    else llmfi_error_set(&c->reply.error, LLMF_ERR_LIMIT, "one line or event of the reply is longer than llmf_desc.max_line");
}

static void llmfi_take_sse(llmfi_call *c, llmf_str *in) {
    while (in->len && !llmfi_full(c) && c->reply.error.code == LLMF_OK) {
        int rc = llmfi_sse_next(&c->sse, in);
        if (rc == LLMFI_WIRE_ITEM && llmfi_trim(c->sse.payload).len) llmfi_frame(c, c->sse.event, c->sse.payload); /* data without a word is a ping */
        if (rc == LLMFI_WIRE_ERROR) llmfi_wire_failed(c, c->sse.error);
    }
}

static void llmfi_take_ndjson(llmfi_call *c, llmf_str *in) {
    while (in->len && !llmfi_full(c) && c->reply.error.code == LLMF_OK) {
        int rc = llmfi_ndjson_next(&c->ndjson, in);
        if (rc == LLMFI_WIRE_ITEM) llmfi_frame(c, llmfi_str("", 0), c->ndjson.payload);
        if (rc == LLMFI_WIRE_ERROR) llmfi_wire_failed(c, c->ndjson.error);
    }
}

/* A reply that is one frame is gathered. An error's body beyond its limit is let go: what it is about stands at its front. */
static void llmfi_take_whole(llmfi_call *c, llmf_str *in) {
    bool fault = c->reply.status >= 300;
    if (!llmfi_buf_add(&c->whole, in->ptr, in->len) && !(fault && c->whole.over)) llmfi_wire_failed(c, LLMFI_WIRE_MEMORY);
    *in = llmfi_from(*in, in->len);
}

static bool llmfi_too_much(llmfi_call *c, size_t len) {
    c->received += len;
    if (c->received <= c->f->desc.max_response) return false;
    if (c->reply.error.code == LLMF_OK) llmfi_error_set(&c->reply.error, LLMF_ERR_LIMIT, "the reply is larger than llmf_desc.max_response");
    c->f->deferred = true;
    return true;
}

/* A host that answers a stream with one JSON object (an error, or it cannot stream) or with HTML: seen at the first byte, and read as a whole. Blank lines
   before it are keep-alives. */
static void llmfi_sniff(llmfi_call *c, llmf_str *in) {
    while (in->len && llmfi_is_space(in->ptr[0])) *in = llmfi_from(*in, 1);
    if (!in->len) return;
    c->sniffed = true;
    if (in->ptr[0] != '{' && in->ptr[0] != '[' && in->ptr[0] != '<') return;
    c->framing = LLMF_FRAMING_JSON;
    c->reply.streamed = false;
}

LLMF_API size_t llmf_exchange_data(llmf_exchange *x, const char *bytes, size_t len) {
    llmfi_call *c = (llmfi_call *)x->owner;
    llmf_str in = llmfi_str(bytes, len);
    size_t taken;
    if (c->ended || c->stop || c->reply.error.code != LLMF_OK) return len; /* about to be cancelled: swallowed */
    llmfi_now(c->f);
    if (c->framing == LLMF_FRAMING_SSE && !c->sniffed) llmfi_sniff(c, &in);
    if (c->framing == LLMF_FRAMING_SSE) llmfi_take_sse(c, &in);
    else if (c->framing == LLMF_FRAMING_NDJSON) llmfi_take_ndjson(c, &in);
    else llmfi_take_whole(c, &in);
    taken = len - in.len;
    c->held_back = in.len != 0;
    if (c->held_back) c->f->held = true;
    if (!c->first_content_ns || c->framing == LLMF_FRAMING_JSON) c->content_ns = c->f->now_ns;
    if ((c->req.flags & LLMF_KEEP_RAW) && !llmfi_buf_add(&c->raw, bytes, taken)) llmfi_wire_failed(c, LLMFI_WIRE_MEMORY);
    llmfi_too_much(c, taken);
    llmfi_set_deadline(c);
    return taken;
}

/* ---- status and headers ---- */

LLMF_API void llmf_exchange_status(llmf_exchange *x, int status) {
    llmfi_call *c = (llmfi_call *)x->owner;
    c->reply.status = status;
    if (!c->connected_ns) c->connected_ns = llmfi_now(c->f);
    if (!c->first_byte_ns) c->first_byte_ns = llmfi_now(c->f);
    c->content_ns = c->f->now_ns;
    if (status < 200 || status >= 300) {
        c->framing = LLMF_FRAMING_JSON;
        c->whole.limit = LLMF_MAX_ERROR_BODY;
    }
    llmfi_set_deadline(c);
}

static void llmfi_exchange_connected(llmf_exchange *x) {
    llmfi_call *c = (llmfi_call *)x->owner;
    c->connected_ns = llmfi_now(c->f);
    llmfi_set_deadline(c);
}

/* The header that names the request, by the names that providers use. */
static bool llmfi_is_request_id(llmf_str name) {
#define LLMFI_ID_NAME(lit) { lit, sizeof(lit) - 1 }
    static const struct {
        const char *name;
        size_t len;
    } names[] = {LLMFI_ID_NAME("x-request-id"), LLMFI_ID_NAME("request-id"), LLMFI_ID_NAME("apim-request-id"), LLMFI_ID_NAME("x-amzn-requestid"),
                 LLMFI_ID_NAME("x-generation-id"), LLMFI_ID_NAME("mistral-correlation-id"), LLMFI_ID_NAME("x-ds-trace-id"), LLMFI_ID_NAME("x-debug-trace-id"),
                 LLMFI_ID_NAME("x-goog-request-id")};
#undef LLMFI_ID_NAME
    size_t i;
    if (name.len < 10 || name.len > 22) return false;
    for (i = 0; i < LLMFI_COUNT(names); i++)
        if (name.len == names[i].len && llmfi_eq_nocase(name, llmfi_str(names[i].name, names[i].len))) return true;
    return false;
}

static void llmfi_take_retry_after(llmfi_call *c, llmf_str value, double unit_ms) {
    double v;
    if (!llmfi_parse_double(value, &v) || v < 0 || v > 1e9) return;
    c->retry_after_ms = (int64_t)(v * unit_ms + 0.5);
}

LLMF_API void llmf_exchange_header(llmf_exchange *x, llmf_str name, llmf_str value) {
    llmfi_call *c = (llmfi_call *)x->owner;
    /* Lengths first: a reply has two dozen headers, of which one or two are of interest. */
    if (!c->reply.request_id.len && llmfi_is_request_id(name)) c->reply.request_id = llmfi_reply_keep(&c->reply, value);
    else if (name.len == 16 && llmfi_eq_nocase(name, LLMFI_LIT("x-amzn-errortype"))) c->errortype = llmfi_reply_keep(&c->reply, value);
    else if (name.len == 14 && llmfi_eq_nocase(name, LLMFI_LIT("retry-after-ms"))) llmfi_take_retry_after(c, value, 1);
    else if (name.len == 11 && c->retry_after_ms == LLMF_UNKNOWN && llmfi_eq_nocase(name, LLMFI_LIT("retry-after"))) llmfi_take_retry_after(c, value, 1000);
}

/* ---- the end of the bytes ---- */

/* What had begun when the bytes ended: an event without its blank line counts if its JSON is complete, and so says the adapter. */
static void llmfi_last_frame(llmfi_call *c) {
    c->reply.tail = true;
    if (c->framing == LLMF_FRAMING_JSON) {
        if (llmfi_trim(llmfi_buf_str(&c->whole)).len) llmfi_frame(c, llmfi_str("", 0), llmfi_buf_str(&c->whole));
    } else if (c->framing == LLMF_FRAMING_SSE) {
        if (llmfi_sse_end(&c->sse) == LLMFI_WIRE_ITEM && llmfi_trim(c->sse.payload).len) llmfi_frame(c, c->sse.event, c->sse.payload);
    } else if (llmfi_ndjson_end(&c->ndjson) == LLMFI_WIRE_ITEM) {
        llmfi_frame(c, llmfi_str("", 0), c->ndjson.payload);
    }
    if (c->prepared->adapter && c->prepared->adapter->on_end) c->prepared->adapter->on_end(&c->reply);
}

/* why: the transport's words, or NULL. */
static void llmfi_end_error(llmfi_call *c, int result, const char *why) {
    llmfi_text t;
    if (c->reply.error.code != LLMF_OK) return;
    /* A connection that breaks in the middle of a reply has cut it short, however it broke. */
    if (c->reply.status && (result == LLMF_ERR_NETWORK || result == LLMF_ERR_TLS)) result = LLMF_ERR_TRUNCATED;
    t = llmfi_error_begin(&c->reply.error, result);
    if (c->prepared) {
        llmfi_say(&t, c->prepared->record.provider->name);
        LLMFI_SAY(&t, ": ");
    }
    if (result == LLMF_ERR_TRUNCATED) LLMFI_SAY(&t, "the reply ended before its end");
    if (result == LLMF_ERR_TIMEOUT) LLMFI_SAY(&t, "timeout");
    if (result == LLMF_ERR_NETWORK) LLMFI_SAY(&t, "no reply");
    if (why && *why && t.len) LLMFI_SAY(&t, ": ");
    llmfi_say_c(&t, why);
}

static void llmfi_end(llmfi_call *c, int result, const char *why) {
    if (c->reply.status >= 200 && c->reply.status < 300) {
        if (c->framing != LLMF_FRAMING_JSON || (result == LLMF_OK && c->reply.error.code == LLMF_OK)) llmfi_last_frame(c);
        if (result != LLMF_OK && !c->reply.terminal) llmfi_end_error(c, result, why); /* the transport knows best why */
        llmfi_reply_end(&c->reply, result == LLMF_OK);
    } else if (c->reply.status) {
        if (c->reply.error.code == LLMF_OK) llmfi_fault_body(&c->reply, c->reply.status, llmfi_buf_str(&c->whole), c->errortype);
        llmfi_reply_settle(&c->reply);
    } else {
        llmfi_end_error(c, result == LLMF_OK ? LLMF_ERR_NETWORK : result, why);
    }
    llmfi_finish(c);
}

LLMF_API void llmf_exchange_end(llmf_exchange *x, int result, const char *text) {
    llmfi_call *c = (llmfi_call *)x->owner;
    x->by = NULL;
    llmfi_now(c->f);
    llmfi_end(c, result, text);
}

#endif
/* From what the caller gave to what an adapter is asked: checks every field, copies what must be copied, fills in the config's defaults. */
#ifndef LLMFI_ENGINE_REQUEST_H
#define LLMFI_ENGINE_REQUEST_H
/* Images, audio and files of a message: read from disk where a path is given, and their media type found where none is. */
#ifndef LLMFI_ENGINE_MEDIA_H
#define LLMFI_ENGINE_MEDIA_H
#if LLMF_HAS_FILES
#include <stdio.h>
#endif

/* The largest file that a part may name, in bytes. */
#ifndef LLMF_MAX_MEDIA
#define LLMF_MAX_MEDIA 67108864
#endif

typedef struct llmfi_media_kind {
    const char *magic;
    uint8_t magic_len, at;                   /* where the magic bytes stand */
    const char *ending, *media_type;
} llmfi_media_kind;

/* IANA media types; magic numbers from the formats' own specifications. */
static const llmfi_media_kind llmfi_media_kinds[] = {
    {"\x89PNG\r\n\x1a\n", 8, 0, ".png", "image/png"}, {"\xff\xd8\xff", 3, 0, ".jpg", "image/jpeg"}, {"\xff\xd8\xff", 3, 0, ".jpeg", "image/jpeg"},
    {"GIF8", 4, 0, ".gif", "image/gif"},              {"WEBP", 4, 8, ".webp", "image/webp"},        {"WAVE", 4, 8, ".wav", "audio/wav"},
    {"ID3", 3, 0, ".mp3", "audio/mpeg"},              {"\xff\xfb", 2, 0, ".mp3", "audio/mpeg"},     {"fLaC", 4, 0, ".flac", "audio/flac"},
    {"OggS", 4, 0, ".ogg", "audio/ogg"},              {"ftyp", 4, 4, ".m4a", "audio/mp4"},          {"%PDF-", 5, 0, ".pdf", "application/pdf"},
    {"", 0, 0, ".txt", "text/plain"},                 {"", 0, 0, ".md", "text/markdown"},           {"", 0, 0, ".csv", "text/csv"},
    {"", 0, 0, ".json", "application/json"},          {"", 0, 0, ".html", "text/html"},
};

static const char *llmfi_media_type(llmf_str data, llmf_str name) {
    size_t i;
    for (i = 0; i < LLMFI_COUNT(llmfi_media_kinds); i++) {
        const llmfi_media_kind *k = &llmfi_media_kinds[i];
        if (k->magic_len && data.len >= (size_t)k->at + k->magic_len && memcmp(data.ptr + k->at, k->magic, k->magic_len) == 0) return k->media_type;
    }
    for (i = 0; i < LLMFI_COUNT(llmfi_media_kinds); i++) {
        llmf_str ending = llmfi_cstr(llmfi_media_kinds[i].ending);
        if (name.len >= ending.len && llmfi_eq_nocase(llmfi_from(name, name.len - ending.len), ending)) return llmfi_media_kinds[i].media_type;
    }
    return NULL;
}

static bool llmfi_media_refuse(llmf_error *err, int code, const char *path, const char *what) {
    llmfi_text t = llmfi_error_begin(err, code);
    LLMFI_SAY(&t, "messages.parts.path ");
    llmfi_say_c(&t, path);
    LLMFI_SAY(&t, ": ");
    llmfi_say_c(&t, what);
    return false;
}

#if LLMF_HAS_FILES
static bool llmfi_media_read(llmfi_arena *arena, llmf_part *p, llmf_error *err) {
    FILE *file = fopen(p->path, "rb");
    long size = -1;
    char *to;
    if (!file) return llmfi_media_refuse(err, LLMF_ERR_ARGUMENT, p->path, "cannot be opened");
    if (fseek(file, 0, SEEK_END) == 0) size = ftell(file);
    if (size < 0 || size > LLMF_MAX_MEDIA || fseek(file, 0, SEEK_SET) != 0) {
        fclose(file);
        return llmfi_media_refuse(err, LLMF_ERR_LIMIT, p->path, size < 0 ? "cannot be read" : "is larger than LLMF_MAX_MEDIA");
    }
    to = (char *)llmfi_arena_alloc(arena, (size_t)size + 1);
    if (to && fread(to, 1, (size_t)size, file) != (size_t)size) {
        fclose(file);
        return llmfi_media_refuse(err, LLMF_ERR_ARGUMENT, p->path, "cannot be read to its end");
    }
    fclose(file);
    if (!to) return llmfi_error_memory(err);
    p->data = to;
    p->data_len = (size_t)size;
    return true;
}
#else
static bool llmfi_media_read(llmfi_arena *arena, llmf_part *p, llmf_error *err) {
    (void)arena;
    return llmfi_media_refuse(err, LLMF_ERR_NOT_BUILT, p->path, "this build reads no files (LLMF_NO_FILES): give the bytes in data");
}
#endif

/* Name of a file without its folders. */
static const char *llmfi_media_name(const char *path) {
    const char *slash = strrchr(path, '/'), *back = strrchr(path, '\\');
    if (back && (!slash || back > slash)) slash = back;
    return slash ? slash + 1 : path;
}

/* Gives a part its bytes, its name and its media type. False with *err. */
LLMFI_UNUSED static bool llmfi_media_fill(llmfi_arena *arena, llmf_part *p, llmf_error *err) {
    const char *path = p->path;
    if (path && !llmfi_media_read(arena, p, err)) return false;
    if (path && !p->name) p->name = llmfi_arena_copy(arena, llmfi_cstr(llmfi_media_name(path))).ptr;
    p->path = NULL;
    if (arena->failed) return llmfi_error_memory(err);
    if (!p->data) return true;
    if (!p->media_type) p->media_type = llmfi_media_type(llmfi_str((const char *)p->data, p->data_len), llmfi_cstr(p->name));
    if (!p->media_type && p->type == LLMF_PART_FILE) p->media_type = "application/octet-stream";
    if (p->media_type) return true;
    llmfi_error_set(err, LLMF_ERR_ARGUMENT, "messages.parts.media_type: cannot be told from the bytes; set it, for example to image/png");
    return false;
}

#endif

/* One field that is wrong: "messages[3].content: what". */
static bool llmfi_bad_field(llmfi_call *c, const char *field, int64_t index, const char *member, const char *what) {
    llmfi_text t = llmfi_error_begin(&c->reply.error, LLMF_ERR_ARGUMENT);
    LLMFI_SAY(&t, "llmf_request.");
    llmfi_say_c(&t, field);
    if (index >= 0) {
        LLMFI_SAY(&t, "[");
        llmfi_say_int(&t, index);
        LLMFI_SAY(&t, "]");
    }
    llmfi_say_c(&t, member);
    LLMFI_SAY(&t, ": ");
    llmfi_say_c(&t, what);
    return false;
}

static bool llmfi_out_of_memory(llmfi_call *c) {
    return llmfi_error_memory(&c->reply.error);
}

typedef struct llmfi_field {
    const char *name, *member;               /* "messages", ".content" */
    int64_t index;                           /* -1: not one of an array */
} llmfi_field;

static llmfi_field llmfi_field_of(const char *name, int64_t index, const char *member) {
    llmfi_field f;
    f.name = name;
    f.index = index;
    f.member = member;
    return f;
}

/* A text of the request: checked, and copied unless the caller lends it. */
static bool llmfi_take(llmfi_call *c, llmfi_field field, llmf_str *s) {
    size_t bad = 0;
    if (!s->ptr || !s->len) {
        *s = llmfi_str("", 0);
        return true;
    }
    if (!llmfi_utf8_valid(*s, &bad)) {
        char what[96];
        llmfi_text t = llmfi_text_in(what, sizeof what);
        LLMFI_SAY(&t, "not valid UTF-8 at byte ");
        llmfi_say_int(&t, (int64_t)bad);
        LLMFI_SAY(&t, "; convert the text first");
        return llmfi_bad_field(c, field.name, field.index, field.member, what);
    }
    if (c->req.flags & LLMF_BORROW) return true;
    *s = llmfi_arena_copy(&c->arena, *s);
    return !c->arena.failed || llmfi_out_of_memory(c);
}

/* The same for a text that ends with NUL; NULL stays NULL. Always copied: it is short, and the copy ends with NUL too. */
static bool llmfi_take_cstr(llmfi_call *c, llmfi_field field, const char **text) {
    llmf_str s;
    if (!*text) return true;
    s = llmfi_cstr(*text);
    if (!llmfi_take(c, field, &s)) return false;
    *text = s.ptr;
    return true;
}

/* JSON given as text: parsed into the call's arena. */
static const llmfi_node *llmfi_take_json(llmfi_call *c, llmfi_field field, const char *text) {
    llmfi_parse_error bad;
    const llmfi_node *node;
    char what[200];
    llmfi_text t;
    memset(&bad, 0, sizeof bad);
    node = llmfi_json_parse(&c->arena, llmfi_cstr(text), &bad, false);
    if (node && node->type == LLMFI_OBJECT) return node;
    if (bad.memory) {
        llmfi_out_of_memory(c);
        return NULL;
    }
    t = llmfi_text_in(what, sizeof what);
    if (node) {
        LLMFI_SAY(&t, "must be a JSON object");
    } else {
        LLMFI_SAY(&t, "not valid JSON at line ");
        llmfi_say_int(&t, bad.line);
        LLMFI_SAY(&t, ", column ");
        llmfi_say_int(&t, bad.column);
        LLMFI_SAY(&t, ": ");
        llmfi_say_c(&t, bad.what);
    }
    llmfi_bad_field(c, field.name, field.index, field.member, what);
    return NULL;
}

/* ---- messages ---- */

static bool llmfi_take_tool_calls(llmfi_call *c, int64_t at, llmf_message *m) {
    llmf_tool_call *calls;
    size_t i;
    if (!m->tool_call_count) return true;
    if (!m->tool_calls) return llmfi_bad_field(c, "messages", at, ".tool_calls", "is NULL but tool_call_count is not 0");
    if (m->role != LLMF_ASSISTANT) return llmfi_bad_field(c, "messages", at, ".tool_calls", "only an assistant message has tool calls");
    calls = (llmf_tool_call *)llmfi_arena_array(&c->arena, m->tool_call_count, sizeof *calls);
    if (!calls) return llmfi_out_of_memory(c);
    for (i = 0; i < m->tool_call_count; i++) {
        calls[i] = m->tool_calls[i];
        if (!llmfi_take(c, llmfi_field_of("messages", at, ".tool_calls.id"), &calls[i].id) ||
            !llmfi_take(c, llmfi_field_of("messages", at, ".tool_calls.name"), &calls[i].name) ||
            !llmfi_take(c, llmfi_field_of("messages", at, ".tool_calls.arguments"), &calls[i].arguments))
            return false;
        if (!calls[i].name.len) return llmfi_bad_field(c, "messages", at, ".tool_calls.name", "is empty");
        if (!calls[i].arguments.len) calls[i].arguments = LLMFI_LIT("{}");
        calls[i].invalid = !llmfi_json_valid(calls[i].arguments);
    }
    m->tool_calls = calls;
    return true;
}

static bool llmfi_take_part(llmfi_call *c, int64_t at, llmf_part *p) {
    int sources = (p->data != NULL) + (p->path != NULL) + (p->url != NULL);
    llmf_str text = llmfi_str(p->text, p->text_len ? p->text_len : (p->text ? strlen(p->text) : 0));
    if (p->type < LLMF_PART_TEXT || p->type > LLMF_PART_FILE) return llmfi_bad_field(c, "messages", at, ".parts.type", "is no LLMF_PART_ value");
    if (p->type == LLMF_PART_TEXT) {
        if (!p->text) return llmfi_bad_field(c, "messages", at, ".parts.text", "is NULL in a text part");
        if (!llmfi_take(c, llmfi_field_of("messages", at, ".parts.text"), &text)) return false;
        p->text = text.ptr;
        p->text_len = text.len;
        return true;
    }
    if (sources != 1) return llmfi_bad_field(c, "messages", at, ".parts", "needs exactly one of data, path and url");
    if (!llmfi_take_cstr(c, llmfi_field_of("messages", at, ".parts.url"), &p->url) ||
        !llmfi_take_cstr(c, llmfi_field_of("messages", at, ".parts.media_type"), &p->media_type) ||
        !llmfi_take_cstr(c, llmfi_field_of("messages", at, ".parts.name"), &p->name) ||
        !llmfi_take_cstr(c, llmfi_field_of("messages", at, ".parts.detail"), &p->detail))
        return false;
    return llmfi_media_fill(&c->arena, p, &c->reply.error);
}

static bool llmfi_take_message(llmfi_call *c, int64_t at, llmf_message *m) {
    llmf_str content = llmfi_str(m->content, m->content_len ? m->content_len : (m->content ? strlen(m->content) : 0));
    llmf_part *parts;
    size_t i;
    if (m->role < LLMF_USER || m->role > LLMF_TOOL) return llmfi_bad_field(c, "messages", at, ".role", "is no LLMF_USER, LLMF_ASSISTANT, LLMF_SYSTEM or LLMF_TOOL");
    if (m->role == LLMF_TOOL && !m->tool_call_id.len) return llmfi_bad_field(c, "messages", at, ".tool_call_id", "is empty: a tool message must say which call it answers");
    if (m->part_count && !m->parts) return llmfi_bad_field(c, "messages", at, ".parts", "is NULL but part_count is not 0");
    if (!llmfi_take(c, llmfi_field_of("messages", at, ".content"), &content) || !llmfi_take(c, llmfi_field_of("messages", at, ".state"), &m->state) ||
        !llmfi_take(c, llmfi_field_of("messages", at, ".reasoning"), &m->reasoning) || !llmfi_take(c, llmfi_field_of("messages", at, ".name"), &m->name) ||
        !llmfi_take(c, llmfi_field_of("messages", at, ".tool_call_id"), &m->tool_call_id) || !llmfi_take_tool_calls(c, at, m))
        return false;
    m->content = content.ptr;
    m->content_len = content.len;
    if (!m->part_count) return true;
    parts = (llmf_part *)llmfi_arena_array(&c->arena, m->part_count, sizeof *parts);
    if (!parts) return llmfi_out_of_memory(c);
    for (i = 0; i < m->part_count; i++) {
        parts[i] = m->parts[i];
        if (!llmfi_take_part(c, at, &parts[i])) return false;
    }
    m->parts = parts;
    return true;
}

/* A prompt is one user message. */
static bool llmfi_take_messages(llmfi_call *c) {
    llmf_request *r = &c->req;
    llmf_message *messages;
    size_t i, n = r->prompt ? 1 : r->message_count;
    if (r->prompt && r->message_count) return llmfi_bad_field(c, "prompt", -1, "", "is set together with messages; give one of them");
    if (!n || (!r->prompt && !r->messages)) return llmfi_bad_field(c, "prompt", -1, "", "is NULL and there are no messages; set one of them");
    messages = (llmf_message *)llmfi_arena_array(&c->arena, n, sizeof *messages);
    if (!messages) return llmfi_out_of_memory(c);
    if (r->prompt) {
        messages[0].content = r->prompt;
        messages[0].content_len = r->prompt_len;
    } else {
        memcpy(messages, r->messages, n * sizeof *messages);
    }
    for (i = 0; i < n; i++)
        if (!llmfi_take_message(c, (int64_t)i, &messages[i])) return false;
    r->messages = messages;
    r->message_count = n;
    r->prompt = NULL;
    return true;
}

/* The config's prefix and suffix go around the newest user message. */
static bool llmfi_wrap_prompt(llmfi_call *c) {
    const llmfi_record *record = &c->prepared->record;
    llmf_message *m = NULL;
    size_t i;
    llmf_str before = record->prompt_prefix, after = record->prompt_suffix;
    char *to;
    if (!before.len && !after.len) return true;
    for (i = 0; i < c->req.message_count; i++)
        if (c->req.messages[i].role == LLMF_USER) m = (llmf_message *)(uintptr_t)&c->req.messages[i]; /* our own copy */
    if (!m) return true;
    to = (char *)llmfi_arena_alloc(&c->arena, before.len + m->content_len + after.len + 1);
    if (!to) return llmfi_out_of_memory(c);
    if (before.len) memcpy(to, before.ptr, before.len);
    if (m->content_len) memcpy(to + before.len, m->content, m->content_len);
    if (after.len) memcpy(to + before.len + m->content_len, after.ptr, after.len);
    m->content = to;
    m->content_len += before.len + after.len;
    return true;
}

/* ---- the rest ---- */

static bool llmfi_take_tools(llmfi_call *c) {
    llmf_request *r = &c->req;
    llmf_tool *tools;
    const llmfi_node **schemas;
    bool named = !r->tool_choice || !r->tool_choice[0] || LLMFI_IS(llmfi_cstr(r->tool_choice), "auto") || LLMFI_IS(llmfi_cstr(r->tool_choice), "none") ||
                 LLMFI_IS(llmfi_cstr(r->tool_choice), "required");
    size_t i;
    if (r->tool_count && !r->tools) return llmfi_bad_field(c, "tools", -1, "", "is NULL but tool_count is not 0");
    tools = (llmf_tool *)llmfi_arena_array(&c->arena, r->tool_count, sizeof *tools);
    schemas = (const llmfi_node **)llmfi_arena_array(&c->arena, r->tool_count, sizeof *schemas);
    if (!tools || !schemas) return llmfi_out_of_memory(c);
    for (i = 0; i < r->tool_count; i++) {
        tools[i] = r->tools[i];
        if (!tools[i].name || !tools[i].name[0]) return llmfi_bad_field(c, "tools", (int64_t)i, ".name", "is empty");
        if (!named && strcmp(tools[i].name, r->tool_choice) == 0) named = true;
        if (!llmfi_take_cstr(c, llmfi_field_of("tools", (int64_t)i, ".name"), &tools[i].name) ||
            !llmfi_take_cstr(c, llmfi_field_of("tools", (int64_t)i, ".description"), &tools[i].description))
            return false;
        if (!tools[i].parameters) continue;
        schemas[i] = llmfi_take_json(c, llmfi_field_of("tools", (int64_t)i, ".parameters"), tools[i].parameters);
        if (!schemas[i]) return false;
    }
    if (!named) return llmfi_bad_field(c, "tool_choice", -1, "", "names no tool of this request; give auto, none, required or one of their names");
    if (!llmfi_take_cstr(c, llmfi_field_of("tool_choice", -1, ""), &r->tool_choice)) return false;
    if (r->tool_choice && (!r->tool_choice[0] || LLMFI_IS(llmfi_cstr(r->tool_choice), "auto"))) r->tool_choice = NULL;
    if (r->tool_choice && !r->tool_count) return llmfi_bad_field(c, "tool_choice", -1, "", "is set but there are no tools");
    r->tools = tools;
    c->ask.schemas = schemas;
    return true;
}

static bool llmfi_take_stop(llmfi_call *c) {
    llmf_request *r = &c->req;
    const llmfi_node *stop = c->prepared->record.stop;
    size_t i, n = r->stop_count ? r->stop_count : !stop ? 0 : stop->type == LLMFI_ARRAY ? stop->count : 1;
    const char **to;
    const llmfi_node *item = stop && stop->type == LLMFI_ARRAY ? stop->child : stop;
    if (!n) return true;
    if (r->stop_count && !r->stop) return llmfi_bad_field(c, "stop", -1, "", "is NULL but stop_count is not 0");
    to = (const char **)llmfi_arena_array(&c->arena, n, sizeof *to);
    if (!to) return llmfi_out_of_memory(c);
    for (i = 0; i < n; i++) {
        to[i] = r->stop_count ? r->stop[i] : item->text.ptr;
        if (!r->stop_count) item = item->next;
        if (!to[i] || !to[i][0]) return llmfi_bad_field(c, "stop", (int64_t)i, "", "is empty");
        if (!llmfi_take_cstr(c, llmfi_field_of("stop", (int64_t)i, ""), &to[i])) return false;
    }
    r->stop = to;
    r->stop_count = n;
    return true;
}

static bool llmfi_reasoning_ok(const char *text) {
    static const char *const words[] = {"none", "minimal", "low", "medium", "high", "xhigh", "max"};
    llmf_str s = llmfi_cstr(text), number;
    int64_t n;
    size_t i;
    for (i = 0; i < LLMFI_COUNT(words); i++)
        if (llmfi_eq(s, llmfi_cstr(words[i]))) return true;
    if (!llmfi_ends(s, LLMFI_LIT(" tokens"))) return false;
    number = llmfi_str(s.ptr, s.len - 7);
    return llmfi_parse_int(number, &n) && n > 0;
}

static bool llmfi_take_numbers(llmfi_call *c) {
    llmf_request *r = &c->req;
    const llmfi_record *d = &c->prepared->record;
    if (r->temperature == 0) r->temperature = d->temperature;
    if (r->top_p == 0) r->top_p = d->top_p;
    if (r->max_tokens == 0) r->max_tokens = d->max_tokens;
    if (!r->reasoning && d->reasoning.len) r->reasoning = d->reasoning.ptr;
    if (!(r->temperature == LLMF_ZERO || (r->temperature >= 0 && r->temperature <= 2)))
        return llmfi_bad_field(c, "temperature", -1, "", "must be from 0 to 2 (0: the default; LLMF_ZERO: 0)");
    if (!(r->top_p == LLMF_ZERO || (r->top_p >= 0 && r->top_p <= 1))) return llmfi_bad_field(c, "top_p", -1, "", "must be from 0 to 1 (0: the default; LLMF_ZERO: 0)");
    if (r->max_tokens < 0) return llmfi_bad_field(c, "max_tokens", -1, "", "must not be negative (0: the default)");
    if (r->parallel_tool_calls < LLMF_UNSET || r->parallel_tool_calls > LLMF_NO)
        return llmfi_bad_field(c, "parallel_tool_calls", -1, "", "must be LLMF_UNSET, LLMF_YES or LLMF_NO");
    if (r->reasoning && !llmfi_reasoning_ok(r->reasoning))
        return llmfi_bad_field(c, "reasoning", -1, "", "must be none, minimal, low, medium, high, xhigh, max or \"N tokens\"");
    return llmfi_take_cstr(c, llmfi_field_of("reasoning", -1, ""), &r->reasoning) && llmfi_take_cstr(c, llmfi_field_of("user", -1, ""), &r->user);
}

static bool llmfi_take_format(llmfi_call *c) {
    llmf_request *r = &c->req;
    llmf_str s = llmfi_trim(llmfi_cstr(r->format));
    if (!s.len || LLMFI_IS(s, "text")) {
        r->format = NULL;
        return true;
    }
    if (LLMFI_IS(s, "json")) {
        r->format = "json";
        return true;
    }
    if (s.ptr[0] != '{') return llmfi_bad_field(c, "format", -1, "", "must be text, json or the text of a JSON Schema");
    c->ask.format = llmfi_take_json(c, llmfi_field_of("format", -1, ""), r->format);
    return c->ask.format != NULL;
}

static bool llmfi_take_extra(llmfi_call *c) {
    if (!c->req.extra) return true;
    c->ask.extra = llmfi_take_json(c, llmfi_field_of("extra", -1, ""), c->req.extra);
    return c->ask.extra != NULL;
}

static bool llmfi_take_system(llmfi_call *c) {
    llmf_str s = llmfi_str(c->req.system, c->req.system_len ? c->req.system_len : (c->req.system ? strlen(c->req.system) : 0));
    if (!c->req.system) return true;
    if (!llmfi_take(c, llmfi_field_of("system", -1, ""), &s)) return false;
    c->req.system = s.ptr;
    c->req.system_len = s.len;
    return true;
}

/* Some dialects demand a limit (their column has a default); none may exceed the model's own. */
static void llmfi_fit_max_tokens(llmfi_call *c) {
    const llmfi_record *d = &c->prepared->record;
    if (c->req.max_tokens == 0) c->req.max_tokens = d->provider->default_max_tokens;
    else return;
    if (d->s.max_output > 0 && c->req.max_tokens > d->s.max_output) c->req.max_tokens = d->s.max_output;
}

static int64_t llmfi_first_set(int64_t a, int64_t b, int64_t c, int64_t otherwise) {
    return a ? a : b ? b : c ? c : otherwise;
}

static void llmfi_take_timeouts(llmfi_call *c) {
    const llmf_timeouts *r = &c->req.timeouts, *m = &c->prepared->record.timeouts, *d = &c->f->desc.timeouts;
    llmf_timeouts *t = &c->timeouts;
    t->connect_ms = llmfi_first_set(r->connect_ms, m->connect_ms, d->connect_ms, 10000);
    t->first_byte_ms = llmfi_first_set(r->first_byte_ms, m->first_byte_ms, d->first_byte_ms, 120000);
    t->first_content_ms = llmfi_first_set(r->first_content_ms, m->first_content_ms, d->first_content_ms, -1);
    t->idle_ms = llmfi_first_set(r->idle_ms, m->idle_ms, d->idle_ms, 60000);
    t->total_ms = llmfi_first_set(r->total_ms, m->total_ms, d->total_ms, -1);
}

/* Fills c->req and c->ask from the caller's request. False with the error in c->reply.error. */
LLMFI_UNUSED static bool llmfi_take_request(llmfi_call *c) {
    llmfi_refusal no;
    c->ask.req = &c->req;
    c->ask.model = &c->prepared->record.s;
    if (!llmfi_take_messages(c) || !llmfi_take_system(c) || !llmfi_take_tools(c) || !llmfi_take_stop(c) || !llmfi_take_numbers(c) || !llmfi_take_format(c) ||
        !llmfi_take_extra(c) || !llmfi_wrap_prompt(c))
        return false;
    llmfi_fit_max_tokens(c);
    llmfi_take_timeouts(c);
    if (!c->prepared->adapter || !c->prepared->adapter->check) return true;
    memset(&no, 0, sizeof no);
    c->prepared->adapter->check(&c->ask, &no);
    if (no.code != LLMF_OK) llmfi_error_set(&c->reply.error, no.code, no.text);
    return no.code == LLMF_OK;
}

#endif
/* From what an adapter is asked to an HTTP request: URL, headers, authorization, transport. */
#ifndef LLMFI_ENGINE_SEND_H
#define LLMFI_ENGINE_SEND_H

/* Headers of one request, config's included. */
#ifndef LLMF_MAX_REQUEST_HEADERS
#define LLMF_MAX_REQUEST_HEADERS 48
#endif

typedef struct llmfi_headers {
    llmfi_call *call;
    size_t count;
    bool bad;                                /* the error is in the call's reply */
    llmf_header at[LLMF_MAX_REQUEST_HEADERS];
} llmfi_headers;

/* A header set later under the same name replaces the earlier one: config over adapter. */
static void llmfi_header_set(void *user, llmf_str name, llmf_str value) {
    llmfi_headers *h = (llmfi_headers *)user;
    size_t i;
    if (h->bad) return;
    if (!llmfi_header_ok(name, value)) {
        llmfi_text t = llmfi_error_begin(&h->call->reply.error, LLMF_ERR_CONFIG);
        LLMFI_SAY(&t, "header ");
        if (llmfi_utf8_valid(name, NULL)) llmfi_say(&t, name);
        LLMFI_SAY(&t, ": its name or value holds a line break or another character that HTTP does not allow; mend it in the config");
        h->bad = true;
        return;
    }
    for (i = 0; i < h->count; i++)
        if (llmfi_eq_nocase(h->at[i].name, name)) break;
    if (i == LLMF_MAX_REQUEST_HEADERS) {
        llmfi_error_set(&h->call->reply.error, LLMF_ERR_LIMIT, "more headers than LLMF_MAX_REQUEST_HEADERS");
        h->bad = true;
        return;
    }
    h->at[i].name = llmfi_arena_copy(&h->call->arena, name);
    h->at[i].value = llmfi_arena_copy(&h->call->arena, value);
    if (i == h->count) h->count++;
}

static bool llmfi_no_key(llmfi_call *c) {
    char hint[200];
    llmfi_text t = llmfi_error_begin(&c->reply.error, LLMF_ERR_AUTH), h = llmfi_text_in(hint, sizeof hint);
    llmfi_record_key_hint(&c->prepared->record, &h);
    LLMFI_SAY(&t, "no key for provider ");
    llmfi_say(&t, c->prepared->record.provider->name);
    LLMFI_SAY(&t, ": ");
    llmfi_say(&t, llmfi_str(hint, h.len));
    return false;
}

/* The key goes into one header. What is kept of it is wiped when the call is freed. */
static bool llmfi_set_auth(llmfi_call *c, llmfi_headers *h) {
    const llmfi_record *record = &c->prepared->record;
    int auth = LLMFI_AUTH_NONE;
    llmf_str key = llmfi_record_key(record, &c->f->env, &auth), name, prefix;
    char *value;
    bool real;
    if (auth == LLMFI_AUTH_NONE) return true;
    real = key.len != 0;
    if (!real && (c->previewing || c->f->replay)) key = LLMFI_LIT("REDACTED");
    if (!key.len) return (record->s.quirks & LLMFI_Q_NO_KEY_NEEDED) || llmfi_no_key(c);
    name = llmfi_cstr(llmfi_auth_rows[auth].header);
    prefix = llmfi_cstr(llmfi_auth_rows[auth].prefix);
    if (!name.len || h->count == LLMF_MAX_REQUEST_HEADERS) {
        llmfi_error_set(&c->reply.error, LLMF_ERR_NOT_BUILT, "this provider's way of authorization is not in this build");
        return false;
    }
    value = (char *)llmfi_arena_alloc(&c->arena, prefix.len + key.len + 1);
    if (!value) return llmfi_error_memory(&c->reply.error);
    if (prefix.len) memcpy(value, prefix.ptr, prefix.len);
    memcpy(value + prefix.len, key.ptr, key.len);
    c->secret = llmfi_str(value, prefix.len + key.len);
    if (real) c->reply.key = llmfi_from(c->secret, prefix.len);
    h->at[h->count].name = name;
    h->at[h->count++].value = c->secret;
    if (llmfi_header_ok(name, c->secret)) return true;
    llmfi_error_set(&c->reply.error, LLMF_ERR_AUTH, "the API key holds a line break or another character that HTTP does not allow: look at how it is stored");
    return false;
}

static void llmfi_set_config_headers(llmfi_headers *h, const llmfi_node *node) {
    const llmfi_node *n = node && node->type == LLMFI_OBJECT ? node->child : NULL;
    for (; n; n = n->next) llmfi_header_set(h, n->key, n->text);
}

/* A header of ours: nothing to check, to replace or to copy. */
static void llmfi_header_first(llmfi_headers *h, llmf_str name, llmf_str value) {
    h->at[h->count].name = name;
    h->at[h->count++].value = value;
}

static bool llmfi_build_headers(llmfi_call *c) {
    llmfi_headers h;
    llmf_header *at;
    h.call = c;
    h.count = 0;
    h.bad = false;
    llmfi_header_first(&h, LLMFI_LIT("Content-Type"), LLMFI_LIT("application/json"));
    llmfi_header_first(&h, LLMFI_LIT("Accept"), c->framing == LLMF_FRAMING_SSE ? LLMFI_LIT("text/event-stream") : LLMFI_LIT("application/json"));
    llmfi_header_first(&h, LLMFI_LIT("User-Agent"), LLMFI_LIT("llmfactory/" LLMF_VERSION));
    if (c->prepared->adapter && c->prepared->adapter->headers) c->prepared->adapter->headers(&c->ask, llmfi_header_set, &h);
    llmfi_set_config_headers(&h, c->prepared->record.provider->headers);
    llmfi_set_config_headers(&h, c->prepared->record.headers);
    if (h.bad || !llmfi_set_auth(c, &h)) return false;
    at = (llmf_header *)llmfi_arena_array(&c->arena, h.count, sizeof *at);
    if (c->arena.failed) return llmfi_error_memory(&c->reply.error);
    memcpy(at, h.at, h.count * sizeof *at);
    c->x.req.headers = at;
    c->x.req.header_count = h.count;
    return true;
}

/* base URL + the adapter's path; a query in the base URL goes behind the path. */
static bool llmfi_build_url(llmfi_call *c) {
    llmfi_buf url;
    llmfi_out out;
    llmf_str base = c->prepared->record.s.base_url, query = llmfi_str("", 0);
    size_t mark = llmfi_find_char(base, '?');
    bool ok;
    if (mark != LLMFI_NOWHERE) {
        query = llmfi_from(base, mark);
        base.len = mark;
    }
    while (base.len && base.ptr[base.len - 1] == '/') base.len--;
    llmfi_buf_init(&url, &c->f->heap, 65536);
    llmfi_out_buf(&out, &url);
    llmfi_put_str(&out, base);
    llmfi_adapter_of(c)->path(&c->ask, &out);
    llmfi_put_str(&out, query);
    ok = !out.failed;
    if (ok) c->x.req.url = llmfi_arena_copy(&c->arena, llmfi_buf_str(&url));
    llmfi_buf_free(&url);
    return (ok && !c->arena.failed) || llmfi_error_memory(&c->reply.error);
}

/* Writes the body once to know its length; what fits is kept, so that sending it right after need not write it again. */
static bool llmfi_measure_body(llmfi_call *c) {
    llmf_factory *f = c->f;
    llmfi_out out;
    f->body_of = 0;
    llmfi_out_window(&out, f->body, sizeof f->body, 0);
    if (!llmfi_body_emit(llmfi_adapter_of(c), &c->ask, &out)) return false;
    c->x.req.body_len = out.total;
    if (out.total <= sizeof f->body) f->body_of = c->id;
    return true;
}

/* Everything of the HTTP request but the bytes of its body. False with the error in the reply. */
LLMFI_UNUSED static bool llmfi_build_http(llmfi_call *c) {
    c->framing = llmfi_framing_of(c, c->req.stream);
    if (!llmfi_build_url(c) || !llmfi_build_headers(c)) return false;
    llmfi_body_init(&c->body, llmfi_adapter_of(c), &c->ask);
    c->x.req.method = LLMFI_LIT("POST");
    if (!llmfi_measure_body(c)) {
        llmfi_error_set(&c->reply.error, LLMF_ERR_ARGUMENT, "the request cannot be written as JSON: is it nested deeper than LLMF_MAX_DEPTH?");
        return false;
    }
    c->x.req.connect_timeout_ms = c->timeouts.connect_ms;
    return true;
}

LLMF_API size_t llmf_exchange_read(llmf_exchange *x, char *out, size_t cap) {
    llmfi_call *c = (llmfi_call *)x->owner;
    uint64_t left = x->req.body_len - c->body.at;
    if (c->f->body_of != c->id) return llmfi_body_read(&c->body, out, cap);
    if (cap > left) cap = (size_t)left;
    memcpy(out, c->f->body + c->body.at, cap);
    c->body.at += cap;
    return cap;
}

LLMF_API void llmf_exchange_rewind(llmf_exchange *x) {
    llmfi_body_rewind(&((llmfi_call *)x->owner)->body);
}

/* ---- which transport ---- */

static bool llmfi_https(llmf_str url) {
    return llmfi_starts(url, LLMFI_LIT("https:"));
}

/* The user's own first; else the one named; else the socket for plain http and curl for the rest. NULL with the error. */
static llmfi_transport *llmfi_transport_for(llmfi_call *c) {
    llmf_factory *f = c->f;
    llmfi_transport *t = NULL;
#if LLMF_HAS_DIALECT_MOCK
    if (llmfi_starts(c->x.req.url, LLMFI_LIT("mock:"))) return f->echo;
#endif
    if (f->custom) return f->custom;
    if (f->stream) return f->stream;
    if (f->desc.transport) {
        llmf_str name = llmfi_cstr(f->desc.transport);
        size_t i;
        for (i = 0; i < f->transport_count; i++)
            if (llmfi_eq(llmfi_cstr(f->transports[i]->name), name)) t = f->transports[i];
    } else {
        t = !llmfi_https(c->x.req.url) && f->socket ? f->socket : f->curl ? f->curl : f->socket;
    }
    if (t) return t;
    llmfi_error_set(&c->reply.error, LLMF_ERR_NOT_BUILT,
                    "no transport of this build can reach that URL: link libcurl (without LLMF_NO_CURL), or set llmf_desc.custom_transport");
    return NULL;
}

LLMFI_UNUSED static bool llmfi_send(llmfi_call *c) {
    llmfi_transport *t = llmfi_transport_for(c);
    int rc;
    if (!t) return false;
    c->x.owner = c;
    c->x.by = t;
    c->x.deadline_ns = c->timeouts.connect_ms > 0 ? c->f->now_ns + (uint64_t)c->timeouts.connect_ms * LLMFI_MS : 0;
    rc = t->start(t, &c->x);
    if (rc == LLMF_OK) return true;
    c->x.by = NULL;
    if (c->reply.error.code == LLMF_OK) llmfi_error_set(&c->reply.error, rc, t->why ? t->why : "the transport cannot start the request");
    return false;
}

#endif

/* ---- begin and end of the memory of a call ---- */

static llmfi_call *llmfi_call_new(llmf_factory *f) {
    uint32_t at = f->free_slot;
    llmfi_call *c = at ? (llmfi_call *)llmfi_heap_alloc(&f->heap, sizeof *c) : NULL;
    if (!c) {
        if (at) llmfi_error_memory(&f->last_error);
        else llmfi_error_set(&f->last_error, LLMF_ERR_LIMIT, "as many calls as llmf_desc.max_calls are open: free some, or raise it");
        return NULL;
    }
    memset(c, 0, sizeof *c);
    f->free_slot = f->slots[at - 1].next_free;
    f->slots[at - 1].call = c;
    c->id = (uint64_t)f->slots[at - 1].generation << 32 | at;
    c->f = f;
    c->next = f->calls;
    if (c->next) c->next->prev = c;
    f->calls = c;
    f->active++;
    c->deadline_ns = UINT64_MAX;
    c->retry_after_ms = LLMF_UNKNOWN;
    llmfi_arena_init(&c->arena, &f->heap, 0);
    llmfi_reply_init(&c->reply, &f->heap, &c->arena, LLMFI_LIT(""), NULL);
    llmfi_sse_init(&c->sse, &f->heap, f->desc.max_line, f->desc.max_line);
    llmfi_ndjson_init(&c->ndjson, &f->heap, f->desc.max_line);
    llmfi_buf_init(&c->whole, &f->heap, 0);
    llmfi_buf_init(&c->raw, &f->heap, 0);
    return c;
}

static void llmfi_ready_remove(llmfi_call *c) {
    llmf_factory *f = c->f;
    llmfi_call **at = &f->ready_first, *last = NULL;
    if (!c->ready) return;
    while (*at && *at != c) {
        last = *at;
        at = &(*at)->ready_next;
    }
    if (*at) *at = c->ready_next;
    if (f->ready_last == c) f->ready_last = last;
    c->ready = false;
}

/* The compiler must not leave this out because nobody reads the bytes again. */
static void llmfi_wipe(llmf_str secret) {
    volatile char *at = (volatile char *)(uintptr_t)secret.ptr;
    size_t i;
    for (i = 0; i < secret.len; i++) at[i] = 0;
}

static void llmfi_call_release(llmfi_call *c) {
    llmf_factory *f = c->f;
    uint32_t at = (uint32_t)c->id;
    if (c->x.by) c->x.by->cancel(c->x.by, &c->x);
    llmfi_ready_remove(c);
    if (!c->taken) f->active--;
    if (c->prev) c->prev->next = c->next;
    else f->calls = c->next;
    if (c->next) c->next->prev = c->prev;
    llmfi_give_back_decoder(c);
    llmfi_buf_free(&c->raw);
    llmfi_reply_free(&c->reply);
    llmfi_prepared_release(&f->heap, c->prepared);
    llmfi_wipe(c->secret);
    llmfi_arena_free(&c->arena);
    llmfi_heap_free(&f->heap, c);
    f->slots[at - 1].call = NULL;
    if (++f->slots[at - 1].generation == 0) f->slots[at - 1].generation = 1;
    f->slots[at - 1].next_free = f->free_slot;
    f->free_slot = at;
}

/* ---- start ---- */

static bool llmfi_call_prepare(llmfi_call *c, llmf_model m) {
    llmf_factory *f = c->f;
    uint32_t at = llmfi_handle_at(&f->handles, m);
    if (!at) {
        llmfi_error_set(&c->reply.error, LLMF_ERR_STALE, m.id ? "the model handle has ended (llmf_drop)" : "the model handle is 0: llmf_get failed, look at its error");
        return false;
    }
    c->prepared = llmfi_handle_use(&f->handles, f->config, at, &c->reply.error);
    if (!c->prepared) return false;
    c->prepared->references++;
    c->reply.user = &c->prepared->record.s;
    c->reply.provider = c->prepared->record.provider->name;
    return true;
}

static void llmfi_call_log(llmfi_call *c) {
    char line[256];
    llmfi_text t = llmfi_text_in(line, sizeof line);
    if (!c->f->desc.log || c->f->desc.log_level < LLMF_LOG_INFO) return;
    LLMFI_SAY(&t, "using ");
    llmfi_say(&t, c->prepared->record.provider->name);
    LLMFI_SAY(&t, ": ");
    llmfi_say(&t, c->prepared->record.s.model_id);
    llmfi_log(c->f, LLMF_LOG_INFO, 1, llmfi_str(line, t.len));
}

/* Everything up to the first byte on the wire. False with the error in the reply. */
static bool llmfi_call_build(llmfi_call *c, llmf_model m) {
    if (!llmfi_call_prepare(c, m)) return false;
    c->reply.discard = (c->req.flags & LLMF_DISCARD_TEXT) != 0;
    c->reply.streamed = c->req.stream;
    return llmfi_take_request(c) && llmfi_build_http(c);
}

static llmfi_call *llmfi_call_open(llmf_factory *f, const llmf_request *req, size_t size) {
    llmfi_call *c;
    if (!req) {
        llmfi_error_set(&f->last_error, LLMF_ERR_ARGUMENT, "req is NULL");
        return NULL;
    }
    c = llmfi_call_new(f);
    if (c) memcpy(&c->req, req, size < sizeof c->req ? size : sizeof c->req);
    return c;
}

static void llmfi_call_begin(llmfi_call *c, llmf_model m) {
    c->start_ns = llmfi_now(c->f);
    if (llmfi_call_build(c, m) && llmfi_send(c)) {
        llmfi_call_log(c);
        llmfi_set_deadline(c);
    } else {
        llmfi_finish(c);
    }
}

LLMF_API llmf_call llmf_start_abi(llmf_factory *f, llmf_model m, const llmf_request *req, size_t req_size) {
    llmf_call id = {0};
    llmfi_call *c = f ? llmfi_call_open(f, req, req_size) : NULL;
    if (!c) return id;
    id.id = c->id;
    llmfi_call_begin(c, m);
    return id;
}

/* ---- poll ---- */

static void llmfi_run_timers(llmf_factory *f) {
    llmfi_call *c, *next;
    if (f->now_ns < f->next_deadline_ns) return;
    f->next_deadline_ns = UINT64_MAX;
    for (c = f->calls; c; c = next) {
        next = c->next;
        if (c->deadline_ns <= f->now_ns) {
            char text[128];
            llmfi_text t = llmfi_text_in(text, sizeof text);
            LLMFI_SAY(&t, "timeout, ");
            llmfi_say_c(&t, c->deadline_what);
            if (c->reply.terminal) llmfi_abort(c, LLMF_OK, "");
            else llmfi_abort(c, LLMF_ERR_TIMEOUT, text);
        } else if (c->deadline_ns < f->next_deadline_ns) {
            f->next_deadline_ns = c->deadline_ns;
        }
    }
}

/* What was asked for inside a callback or found out while decoding: ends now, outside of both. */
static void llmfi_run_deferred(llmf_factory *f) {
    llmfi_call *c, *next;
    if (!f->deferred) return;
    f->deferred = false;
    for (c = f->calls; c; c = next) {
        next = c->next;
        if (c->calling) {
            f->deferred = true;
            continue;
        }
        if (c->free_later) llmfi_call_release(c);
        else if (c->stop && !c->ended) llmfi_abort(c, LLMF_ERR_CANCELLED, "cancelled by the caller");
        else if (c->reply.error.code != LLMF_OK && !c->ended) llmfi_abort(c, LLMF_OK, "");
        else if (c->req.on_event) llmfi_hand_out(c);
    }
}

/* A call that the slice or a full queue had stopped goes on; one whose events nobody has taken yet stays stopped. */
static void llmfi_run_held(llmf_factory *f) {
    llmfi_call *c, *next;
    for (c = f->calls; c; c = next) {
        next = c->next;
        if (c->held_back && c->x.by && !llmfi_full(c)) {
            c->held_back = false;
            c->x.by->resume(c->x.by, &c->x);
        }
        if (llmfi_slice_over(&f->net)) return;
    }
}

static void llmfi_work(llmf_factory *f) {
    size_t i;
    for (i = 0; i < f->transport_count; i++)
        if (f->transports[i]->tick) f->transports[i]->tick(f->transports[i]);
    if (f->held) {
        f->held = false;
        llmfi_run_held(f);
    }
    llmfi_now(f);
    llmfi_run_timers(f);
    llmfi_run_deferred(f);
}

/* Milliseconds until something is due, at most `most` (below 0: any time). */
static int64_t llmfi_wait_ms(const llmf_factory *f, int64_t most) {
    size_t i;
    int64_t ms = most;
    if (f->next_deadline_ns != UINT64_MAX) {
        int64_t due = f->next_deadline_ns <= f->now_ns ? 0 : (int64_t)((f->next_deadline_ns - f->now_ns + LLMFI_MS - 1) / LLMFI_MS);
        if (ms < 0 || due < ms) ms = due;
    }
    for (i = 0; i < f->transport_count; i++) {
        int64_t due = f->transports[i]->wait_ms ? f->transports[i]->wait_ms(f->transports[i]) : -1;
        if (due >= 0 && (ms < 0 || due < ms)) ms = due;
    }
    if (f->deferred || f->held) ms = 0;
    return ms;
}

static bool llmfi_stop_waiting(void *user) {
    return llmfi_slice_over(&((llmf_factory *)user)->net);
}

LLMF_API int llmf_poll(llmf_factory *f, int timeout_ms) {
    uint64_t until, before;
    int woken = 0;
    if (!f) return -LLMF_ERR_ARGUMENT;
    if (f->polling) return -LLMF_ERR_ARGUMENT; /* from inside a callback */
    f->polling = true;
    before = f->events;
    llmfi_now(f);
    until = timeout_ms < 0 ? UINT64_MAX : f->now_ns + (uint64_t)timeout_ms * LLMFI_MS;
    f->net.slice_end_ns = f->desc.slice_us > 0 ? f->now_ns + (uint64_t)f->desc.slice_us * 1000u : 0;
    llmfi_work(f);
    do {
        int64_t left = timeout_ms < 0 ? -1 : until > f->now_ns ? (int64_t)((until - f->now_ns + LLMFI_MS - 1) / LLMFI_MS) : 0;
        int64_t wait = f->events != before || f->ready_first || !f->active ? 0 : llmfi_wait_ms(f, left);
        if (wait > 60000) wait = 60000;
        if (llmfi_slice_over(&f->net)) break;
        woken = llmfi_watch_wait(&f->watch, (int)wait, llmfi_stop_waiting, f);
        if (llmfi_watch_woken(&f->watch)) woken = 1;
        llmfi_work(f);
    } while (timeout_ms != 0 && f->events == before && !f->ready_first && !woken && f->active && f->now_ns < until && !llmfi_slice_over(&f->net));
    f->net.slice_end_ns = 0;
    f->polling = false;
    return f->active;
}

/* ---- next ---- */

static bool llmfi_advance(llmfi_call *c, llmf_event *ev) {
    if (llmfi_pop_event(c, ev)) return true;
    if (c->held_back && c->x.by) { /* all that was decoded is taken: the transport may go on where it was stopped */
        c->held_back = false;
        c->content_ns = llmfi_now(c->f);
        c->x.by->resume(c->x.by, &c->x);
        if (!c->ended && c->reply.error.code != LLMF_OK) llmfi_abort(c, LLMF_OK, "");
        llmfi_set_deadline(c);
    }
    return llmfi_pop_event(c, ev);
}

static void llmfi_copy_event(void *to, size_t size, const llmf_event *ev) {
    memcpy(to, ev, size < sizeof *ev ? size : sizeof *ev);
}

LLMF_API bool llmf_next_abi(llmf_factory *f, llmf_call id, llmf_event *ev, size_t ev_size) {
    llmfi_call *c = llmfi_call_of(f, id);
    llmf_event event;
    if (!c || !ev || c->req.on_event || !llmfi_advance(c, &event)) return false;
    llmfi_copy_event(ev, ev_size, &event);
    return true;
}

LLMF_API bool llmf_next_any_abi(llmf_factory *f, llmf_event *ev, size_t ev_size) {
    llmf_event event;
    llmfi_call *c;
    if (!f || !ev) return false;
    while ((c = f->ready_first) != NULL) {
        if (llmfi_advance(c, &event)) {
            llmfi_copy_event(ev, ev_size, &event);
            return true;
        }
        if (f->ready_first == c) llmfi_ready_remove(c);
    }
    return false;
}

/* ---- cancel, free, status ---- */

LLMF_API llmf_result llmf_cancel(llmf_factory *f, llmf_call id) {
    llmfi_call *c = llmfi_call_of(f, id);
    if (!c) return LLMF_ERR_STALE;
    if (c->calling || f->polling) {
        if (!c->ended) c->stop = f->deferred = true;
    } else {
        llmfi_abort(c, LLMF_ERR_CANCELLED, "cancelled by the caller");
    }
    return LLMF_OK;
}

LLMF_API void llmf_free(llmf_factory *f, llmf_call id) {
    llmfi_call *c = llmfi_call_of(f, id);
    if (!c) return;
    if (c->calling || f->polling) c->free_later = f->deferred = true;
    else llmfi_call_release(c);
}

LLMF_API llmf_result llmf_status(llmf_factory *f, llmf_call id, bool *done) {
    const llmfi_call *c = llmfi_call_of(f, id);
    if (done) *done = !c || c->ended;
    if (!c) return LLMF_ERR_STALE;
    return (llmf_result)(c->ended ? c->response.error.code : LLMF_OK);
}

/* ---- blocking ---- */

static llmf_result llmfi_fail_response(const llmf_factory *f, llmf_response *r, size_t size, const char *text) {
    llmf_response none;
    memset(&none, 0, sizeof none);
    if (f) none.error = f->last_error;
    else llmfi_error_set(&none.error, LLMF_ERR_ARGUMENT, text);
    if (r) memcpy(r, &none, size < sizeof none ? size : sizeof none);
    return (llmf_result)none.error.code;
}

LLMF_API llmf_result llmf_generate_abi(llmf_factory *f, llmf_model m, const llmf_request *req, size_t req_size, llmf_response *r, size_t r_size) {
    llmfi_call *c;
    if (!f || f->polling) return llmfi_fail_response(NULL, r, r_size, f ? "llmf_generate inside a callback: use llmf_start" : "the factory is NULL");
    c = llmfi_call_open(f, req, req_size);
    if (!c) return llmfi_fail_response(f, r, r_size, "");
    c->quiet = !c->req.on_event;
    llmfi_call_begin(c, m);
    while (!c->ended) llmf_poll(f, -1);
    if (!c->taken) {
        c->taken = true;
        f->active--;
    }
    if (r) memcpy(r, &c->response, r_size < sizeof c->response ? r_size : sizeof c->response);
    return (llmf_result)c->response.error.code;
}

/* ---- other event loops ---- */

LLMF_API size_t llmf_fds(llmf_factory *f, llmf_fd *fds, size_t cap) {
    return f ? llmfi_watch_list(&f->watch, fds, fds ? cap : 0) : 0;
}

LLMF_API int64_t llmf_deadline_ms(llmf_factory *f) {
    if (!f) return -1;
    if (f->ready_first) return 0;
    llmfi_now(f);
    return llmfi_wait_ms(f, -1);
}

LLMF_API void llmf_wakeup(llmf_factory *f) {
    if (f) llmfi_watch_wake(&f->watch);
}

#endif

#include <stdlib.h>


enum { LLMFI_DEFAULT_MEMORY = 8 << 20, LLMFI_DEFAULT_CALLS = 64, LLMFI_DEFAULT_RECV = 16384 };


static void *llmfi_stdlib_alloc(void *user, void *ptr, size_t old_size, size_t size) {
    (void)user;
    (void)old_size;
    if (size) return malloc(size);
    free(ptr);
    return NULL;
}


/* Cuts the permanent things from the front of the block. */
typedef struct llmfi_front {
    char *at;
    size_t left;
    bool failed;
} llmfi_front;

static void *llmfi_front_take(llmfi_front *b, size_t size) {
    void *at = b->at;
    size = llmfi_round_up(size, LLMFI_ALIGN);
    if (size > b->left) {
        b->failed = true;
        return NULL;
    }
    b->at += size;
    b->left -= size;
    memset(at, 0, size);
    return at;
}

static const char *llmfi_front_text(llmfi_front *b, const char *text) {
    size_t len = text ? strlen(text) : 0;
    char *to = text ? (char *)llmfi_front_take(b, len + 1) : NULL;
    if (to) memcpy(to, text, len);
    return to;
}

/* Everything in *desc that is not said to be borrowed is copied. */
static void llmfi_copy_desc(llmfi_front *b, llmf_desc *d) {
    const char **texts[9];
    const char **configs;
    size_t i;
    texts[0] = &d->config;
    texts[1] = &d->config_text;
    texts[2] = &d->env_file;
    texts[3] = &d->provider;
    texts[4] = &d->base_url;
    texts[5] = &d->api_key;
    texts[6] = &d->api_key_env;
    texts[7] = &d->transport;
    texts[8] = &d->proxy;
    for (i = 0; i < LLMFI_COUNT(texts); i++) *texts[i] = llmfi_front_text(b, *texts[i]);
    d->ca_file = llmfi_front_text(b, d->ca_file);
    d->ca_pem = llmfi_front_text(b, d->ca_pem);
    configs = (const char **)llmfi_front_take(b, (d->config_count + 1) * sizeof *configs);
    for (i = 0; configs && i < d->config_count; i++) configs[i] = llmfi_front_text(b, d->configs[i]);
    d->configs = configs;
}

static void llmfi_fill_desc(llmf_desc *d) {
    if (!d->memory_size) d->memory_size = LLMFI_DEFAULT_MEMORY;
    if (d->max_calls <= 0) d->max_calls = LLMFI_DEFAULT_CALLS;
    if (d->max_models <= 0) d->max_models = 128;
    if (!d->max_response) d->max_response = 64u << 20;
    if (!d->max_line) d->max_line = 8u << 20;
    if (!d->recv_size) d->recv_size = LLMFI_DEFAULT_RECV;
    if (d->max_connections <= 0) d->max_connections = 100;
    if (d->max_idle == 0) d->max_idle = 10;
}

static void llmfi_slots_init(llmf_factory *f) {
    uint32_t i;
    for (i = 0; i < f->max_calls; i++) {
        f->slots[i].generation = 1;
        f->slots[i].next_free = i + 2 <= f->max_calls ? i + 2 : 0;
    }
    f->free_slot = f->max_calls ? 1 : 0;
}

/* ---- transports ---- */

static bool llmfi_add_transport(llmf_factory *f, llmfi_transport **slot, llmfi_transport *t, llmf_error *err) {
    *slot = t;
    if (!t) return llmfi_error_memory(err);
    f->transports[f->transport_count++] = t;
    return true;
}

static bool llmfi_open_transports(llmf_factory *f, llmf_error *err) {
    llmf_str only = llmfi_cstr(f->desc.transport);
    llmfi_net *n = &f->net;
#if LLMF_HAS_DIALECT_MOCK
    if (!llmfi_add_transport(f, &f->echo, llmfi_echo_open(n), err)) return false;
#endif
#if LLMF_HAS_CUSTOM
    if (f->desc.custom_transport) return llmfi_add_transport(f, &f->custom, llmfi_custom_open(n), err);
    if (f->desc.custom_stream) return llmfi_add_transport(f, &f->stream, llmfi_stream_open(n), err);
#else
    if (f->desc.custom_transport || f->desc.custom_stream) return llmfi_error_left_out(err, "llmf_desc.custom_", "CUSTOM");
#endif
#if LLMF_HAS_REPLAY
    if (LLMFI_IS(only, "replay")) return llmfi_add_transport(f, &f->replay, llmfi_replay_open(n), err);
#endif
#if LLMF_HAS_SOCKET
    if ((!only.len || LLMFI_IS(only, "socket")) && !llmfi_add_transport(f, &f->socket, llmfi_socket_open(n), err)) return false;
#endif
#if LLMF_HAS_CURL
    if ((!only.len || LLMFI_IS(only, "curl")) && !llmfi_add_transport(f, &f->curl, llmfi_curl_open(n), err)) return false;
#endif
    if (only.len && f->transport_count < 1 + LLMF_HAS_DIALECT_MOCK) {
        llmfi_text t = llmfi_error_begin(err, LLMF_ERR_NOT_BUILT);
        LLMFI_SAY(&t, "llmf_desc.transport ");
        llmfi_say(&t, only);
        LLMFI_SAY(&t, " is not in this build; it has:" LLMFI_TRANSPORT_LIST);
        return false;
    }
    return true;
}

/* ---- config ---- */

typedef struct llmfi_problems {
    llmf_factory *f;
    llmf_error first;
    size_t count;
} llmfi_problems;

static void llmfi_on_problem(void *user, const llmf_error *e, bool warning) {
    llmfi_problems *p = (llmfi_problems *)user;
    llmfi_log(p->f, warning ? LLMF_LOG_WARNING : LLMF_LOG_ERROR, 2, llmfi_cstr(e->text));
    if (warning) return;
    if (p->count++ == 0) p->first = *e;
}

/* The first problem, and how many more there are. */
static bool llmfi_tell_problems(const llmfi_problems *p, llmf_error *err) {
    llmfi_text t;
    *err = p->first;
    if (p->count == 0) return llmfi_error_memory(err);
    if (p->count > 1) {
        t = llmfi_text_in(err->text, sizeof err->text);
        t.len = strlen(p->first.text);
        memcpy(err->text, p->first.text, t.len + 1);
        LLMFI_SAY(&t, " (and ");
        llmfi_say_int(&t, (int64_t)p->count - 1);
        LLMFI_SAY(&t, " more: see the log hook, or run llmf check)");
    }
    return false;
}

/* Reads the sources and swaps; the old config stays where they are not valid as a whole. */
static bool llmfi_read_config(llmf_factory *f, llmf_error *err) {
    llmfi_problems p;
    llmfi_config *fresh;
    size_t problems = 0;
#if LLMF_HAS_REGISTER
    size_t i;
#endif
    memset(&p, 0, sizeof p);
    p.f = f;
    fresh = llmfi_config_load(&f->heap, &f->desc, &f->env, llmfi_on_problem, &p, &problems);
#if LLMF_HAS_REGISTER
    for (i = 0; fresh && i < f->registered_count; i++)
        if (f->registered[i].name && !llmfi_config_add_provider(fresh, &f->registered[i], &p.first)) p.count++;
#endif
    if (fresh && p.count == 0) {
        if (f->config) llmfi_config_release(f->config);
        f->config = fresh;
        return true;
    }
    if (fresh) llmfi_config_release(fresh);
    return llmfi_tell_problems(&p, err);
}

LLMF_API void llmf_close(llmf_factory *f) {
    size_t i;
    void *block;
    if (!f) return;
    while (f->calls) llmfi_call_release(f->calls);
    for (i = f->transport_count; i-- > 0;)
        if (f->transports[i]) f->transports[i]->close(f->transports[i]);
    llmfi_handles_close(&f->handles);
    if (f->config) llmfi_config_release(f->config);
    llmfi_env_close(&f->env);
    if (f->watching) llmfi_watch_close(&f->watch);
    if (f->desc.api_key) llmfi_wipe(llmfi_cstr(f->desc.api_key));
    for (i = 0; i < f->registered_count; i++)
        if (f->registered[i].config) llmfi_wipe(llmfi_cstr(f->registered[i].config));
    if (f->desc.config_text) llmfi_wipe(llmfi_cstr(f->desc.config_text)); /* may hold keys */
    block = f->block;
    if (block) f->alloc(f->desc.user, block, f->block_size, 0);
}

static void llmfi_net_init(llmf_factory *f, char *recv) {
    f->net.heap = &f->heap;
    f->net.watch = &f->watch;
    f->net.desc = &f->desc;
    f->net.recv = recv;
    f->net.now_ns = llmfi_net_now;
}

static bool llmfi_start_up(llmf_factory *f, llmf_error *err) {
    if (!llmfi_watch_init(&f->watch, &f->heap, (size_t)f->desc.max_connections)) return llmfi_error_memory(err);
    f->watching = true;
    return llmfi_env_open(&f->env, &f->heap, &f->desc, err) && llmfi_read_config(f, err) && llmfi_open_transports(f, err);
}

/* Lays the factory into a block. NULL with *err. */
static llmf_factory *llmfi_lay_out(const llmf_desc *desc, void *block, llmf_error *err) {
    llmfi_front front;
    llmf_factory *f;
    char *recv;
    size_t skip = (LLMFI_ALIGN - (size_t)((uintptr_t)block % LLMFI_ALIGN)) % LLMFI_ALIGN;
    memset(&front, 0, sizeof front);
    front.at = (char *)block + skip;
    front.left = desc->memory_size > skip ? desc->memory_size - skip : 0;
    f = (llmf_factory *)llmfi_front_take(&front, sizeof *f);
    if (!f) {
        llmfi_error_memory(err);
        return NULL;
    }
    f->desc = *desc;
    llmfi_copy_desc(&front, &f->desc);
    f->max_calls = (uint32_t)desc->max_calls;
    f->slots = (llmfi_call_slot *)llmfi_front_take(&front, f->max_calls * sizeof *f->slots);
    recv = (char *)llmfi_front_take(&front, desc->recv_size);
    if (front.failed) {
        llmfi_error_memory(err);
        return NULL;
    }
    llmfi_slots_init(f);
    llmfi_heap_init(&f->heap, front.at, front.left);
    f->permanent = (size_t)(front.at - (char *)block);
    llmfi_handles_init(&f->handles, &f->heap, desc->max_models);
    f->handles.dialects = f->dialects;
    llmfi_net_init(f, recv);
    f->next_deadline_ns = UINT64_MAX;
    return f;
}

LLMF_API llmf_factory *llmf_open_abi(int abi, const llmf_desc *desc, size_t desc_size, llmf_error *err) {
    llmf_desc d;
    llmf_error local;
    llmf_factory *f;
    void *block;
    llmf_alloc_fn alloc;
    memset(&d, 0, sizeof d);
    if (!err) err = &local;
    llmfi_error_clear(err);
    if (abi != LLMF_ABI) {
        llmfi_error_set(err, LLMF_ERR_ARGUMENT, "this program was compiled against another version of llmfactory.h: compile both from one");
        return NULL;
    }
    if (desc) memcpy(&d, desc, desc_size < sizeof d ? desc_size : sizeof d);
    llmfi_fill_desc(&d);
    alloc = d.alloc;

    if (!alloc) alloc = llmfi_stdlib_alloc;

    block = d.memory ? d.memory : alloc ? alloc(d.user, NULL, 0, d.memory_size) : NULL;
    f = block ? llmfi_lay_out(&d, block, err) : NULL;
    if (!block) llmfi_error_set(err, LLMF_ERR_MEMORY, "the block of llmf_desc.memory_size bytes cannot be had");
    if (!f) {
        if (block && !d.memory) alloc(d.user, block, d.memory_size, 0);
        return NULL;
    }
    f->block = d.memory ? NULL : block;
    f->block_size = d.memory_size;
    f->alloc = alloc;
    if (llmfi_start_up(f, err)) {
        llmfi_error_clear(&f->last_error);
        return f;
    }
    llmf_close(f);
    return NULL;
}

/* ---- memory ---- */

LLMF_API void llmf_memory_abi(const llmf_factory *f, llmf_memory_info *info, size_t info_size) {
    llmf_memory_info i;
    memset(&i, 0, sizeof i);
    if (f) {
        i.block = f->block_size;
        i.permanent = f->permanent;
        i.used = f->heap.used;
        i.high_water = f->heap.high;
        i.requests = f->heap.requests;
    }
    if (info) memcpy(info, &i, info_size < sizeof i ? info_size : sizeof i);
}

LLMF_API void llmf_fail_memory(llmf_factory *f, uint64_t nth, bool on) {
    if (!f) return;
    f->heap.fail_at = nth ? f->heap.requests + nth : 0;
    f->heap.fail_on = on;
}

#endif

static llmf_model llmfi_no_model(llmf_factory *f, const llmf_error *why, llmf_error *err) {
    llmf_model none = {0};
    if (f) f->last_error = *why;
    if (err) *err = *why;
    return none;
}

LLMF_API llmf_model llmf_get(llmf_factory *f, const char *name, llmf_error *err) {
    llmf_model m;
    llmf_error why;
    const llmfi_handle *last;
    size_t len = name ? strlen(name) : 0;
    uint32_t at;
    if (err) err->code = LLMF_OK;
    if (!f) {
        llmfi_error_set(&why, LLMF_ERR_ARGUMENT, "the factory is NULL: llmf_open failed, look at its error");
        return llmfi_no_model(NULL, &why, err);
    }
    if (f->last_handle) { /* the same again: most programs ask for one name all the time */
        last = llmfi_handle_slot(&f->handles, f->last_handle);
        if (last->name_len == len && last->prepared && last->prepared->config == f->config && memcmp(last->name, name ? name : "", len) == 0) {
            m.id = llmfi_handle_id(&f->handles, f->last_handle);
            return m;
        }
    }
    llmfi_error_clear(&why);
    at = llmfi_handle_find(&f->handles, name ? name : "", len, llmfi_handle_hash(name ? name : "", len));
    if (at && !llmfi_handle_use(&f->handles, f->config, at, &why)) return llmfi_no_model(f, &why, err);
    if (!at) at = llmfi_handle_new(&f->handles, f->config, llmfi_str(name ? name : "", len), NULL, &why);
    if (!at) return llmfi_no_model(f, &why, err);
    f->last_handle = at;
    m.id = llmfi_handle_id(&f->handles, at);
    return m;
}

LLMF_API llmf_result llmf_reload(llmf_factory *f, llmf_error *err) {
    llmf_error why;
    llmfi_error_clear(&why);
    if (!f) llmfi_error_set(&why, LLMF_ERR_ARGUMENT, "the factory is NULL");
    else if (llmfi_read_config(f, &why)) f->last_handle = 0;
    if (f && why.code != LLMF_OK) f->last_error = why;
    if (err) *err = why;
    return (llmf_result)why.code;
}

LLMF_API llmf_model llmf_get_fresh(llmf_factory *f, const char *name, llmf_error *err) {
    llmf_model none = {0};
    if (llmf_reload(f, err) != LLMF_OK) return none;
    return llmf_get(f, name, err);
}

LLMF_API llmf_model llmf_create(llmf_factory *f, const char *name, const char *config, llmf_error *err) {
    llmf_model m = {0};
    llmf_error why;
    uint32_t at;
    llmfi_error_clear(&why);
    if (err) err->code = LLMF_OK;
    if (!f) llmfi_error_set(&why, LLMF_ERR_ARGUMENT, "the factory is NULL");
    at = f ? llmfi_handle_new(&f->handles, f->config, llmfi_cstr(name), config ? config : "{}", &why) : 0;
    if (!at) return llmfi_no_model(f, &why, err);
    m.id = llmfi_handle_id(&f->handles, at);
    return m;
}

LLMF_API void llmf_drop(llmf_factory *f, llmf_model m) {
    uint32_t at = f ? llmfi_handle_at(&f->handles, m) : 0;
    if (at && llmfi_handle_slot(&f->handles, at)->own) llmfi_handle_forget(&f->handles, at);
}

/* ---- what is known ---- */

LLMF_API llmf_result llmf_model_info_abi(llmf_factory *f, llmf_model m, llmf_model_info *info, size_t info_size) {
    uint32_t at = f ? llmfi_handle_at(&f->handles, m) : 0;
    llmfi_prepared *p;
    llmf_model_info i;
    if (!at) return LLMF_ERR_STALE;
    p = llmfi_handle_use(&f->handles, f->config, at, &f->last_error);
    if (!p) return (llmf_result)f->last_error.code;
    llmfi_fill_info(f, &p->record, &i);
    if (info) memcpy(info, &i, info_size < sizeof i ? info_size : sizeof i);
    return LLMF_OK;
}

LLMF_API bool llmf_model_at_abi(llmf_factory *f, size_t at, llmf_model_info *info, size_t info_size) {
    llmfi_record record;
    llmf_model_info i;
    if (!f || !llmfi_config_model_at(f->config, at, &record)) return false;
    llmfi_fill_info(f, &record, &i);
    if (info) memcpy(info, &i, info_size < sizeof i ? info_size : sizeof i);
    return true;
}

LLMF_API bool llmf_provider_at_abi(llmf_factory *f, size_t at, llmf_provider_info *info, size_t info_size) {
    llmf_provider_info i;
    memset(&i, 0, sizeof i);
    if (!f || !llmfi_config_provider_at(f->config, &f->env, at, &i)) return false;
    if (info) memcpy(info, &i, info_size < sizeof i ? info_size : sizeof i);
    return true;
}

/* ---- what a program registers ---- */

static llmf_result llmfi_register_failed(llmf_factory *f, const llmf_error *why, llmf_error *err) {
    if (f) f->last_error = *why;
    if (err) *err = *why;
    return (llmf_result)why->code;
}

#if LLMF_HAS_REGISTER

LLMF_API llmf_result llmf_register_dialect_abi(llmf_factory *f, const llmf_dialect *d, size_t d_size, llmf_error *err) {
    llmf_error why;
    llmf_dialect *copy;
    llmfi_error_clear(&why);
    if (err) err->code = LLMF_OK;
    if (!f || !d || !d->name || !d->body || !d->on_frame) llmfi_error_set(&why, LLMF_ERR_ARGUMENT, "a dialect needs name, body and on_frame");
    else if (f->handles.dialect_count == LLMF_MAX_REGISTERED) llmfi_error_set(&why, LLMF_ERR_LIMIT, "more dialects than LLMF_MAX_REGISTERED");
    if (why.code != LLMF_OK) return llmfi_register_failed(f, &why, err);
    copy = (llmf_dialect *)llmfi_heap_alloc(&f->heap, sizeof *copy);
    if (!copy) {
        llmfi_error_memory(&why);
        return llmfi_register_failed(f, &why, err);
    }
    memset(copy, 0, sizeof *copy);
    memcpy(copy, d, d_size < sizeof *copy ? d_size : sizeof *copy);
    copy->name = llmfi_handle_copy(&f->heap, d->name, strlen(d->name));
    if (!copy->name) {
        llmfi_heap_free(&f->heap, copy);
        llmfi_error_memory(&why);
        return llmfi_register_failed(f, &why, err);
    }
    f->dialects[f->handles.dialect_count++] = copy;
    return LLMF_OK;
}

static bool llmfi_keep_text(llmf_factory *f, const char **text) {
    if (*text) *text = llmfi_handle_copy(&f->heap, *text, strlen(*text));
    return *text != NULL;
}

/* Kept as text, so that a reload can add it to the new config. */
static bool llmfi_keep_provider(llmf_factory *f, llmf_provider_desc *p) {
    llmf_provider_desc given = *p;
    bool ok = llmfi_keep_text(f, &p->name) && (llmfi_keep_text(f, &p->dialect) || !given.dialect) && (llmfi_keep_text(f, &p->base_url) || !given.base_url) &&
              (llmfi_keep_text(f, &p->key_env) || !given.key_env) && (llmfi_keep_text(f, &p->default_model) || !given.default_model) &&
              (llmfi_keep_text(f, &p->config) || !given.config);
    return ok;
}

static void llmfi_forget_text(llmf_factory *f, const char *kept, const char *given) {
    if (kept != given) llmfi_heap_free(&f->heap, (void *)(uintptr_t)kept);
}

static void llmfi_forget_provider(llmf_factory *f, const llmf_provider_desc *kept, const llmf_provider_desc *given) {
    llmfi_forget_text(f, kept->name, given->name);
    llmfi_forget_text(f, kept->dialect, given->dialect);
    llmfi_forget_text(f, kept->base_url, given->base_url);
    llmfi_forget_text(f, kept->key_env, given->key_env);
    llmfi_forget_text(f, kept->default_model, given->default_model);
    llmfi_forget_text(f, kept->config, given->config);
}

LLMF_API llmf_result llmf_register_abi(llmf_factory *f, const llmf_provider_desc *p, size_t p_size, llmf_error *err) {
    llmf_error why;
    llmf_provider_desc given, kept;
    memset(&given, 0, sizeof given);
    llmfi_error_clear(&why);
    if (err) err->code = LLMF_OK;
    if (p) memcpy(&given, p, p_size < sizeof given ? p_size : sizeof given);
    if (!f || !given.name || !given.name[0]) llmfi_error_set(&why, LLMF_ERR_ARGUMENT, "a provider needs a name");
    else if (f->registered_count == LLMF_MAX_REGISTERED) llmfi_error_set(&why, LLMF_ERR_LIMIT, "more providers than LLMF_MAX_REGISTERED");
    if (why.code != LLMF_OK) return llmfi_register_failed(f, &why, err);
    kept = given;
    if (!llmfi_keep_provider(f, &kept)) {
        llmfi_error_memory(&why);
    } else if (llmfi_config_add_provider(f->config, &kept, &why)) {
        f->registered[f->registered_count++] = kept;
        f->last_handle = 0;
        return LLMF_OK;
    }
    llmfi_forget_provider(f, &kept, &given);
    return llmfi_register_failed(f, &why, err);
}

#else

static llmf_result llmfi_no_register(llmf_factory *f, llmf_error *err) {
    llmf_error why;
    llmfi_error_left_out(&why, "llmf_register", "REGISTER");
    return llmfi_register_failed(f, &why, err);
}

LLMF_API llmf_result llmf_register_dialect_abi(llmf_factory *f, const llmf_dialect *d, size_t d_size, llmf_error *err) {
    (void)d, (void)d_size;
    return llmfi_no_register(f, err);
}

LLMF_API llmf_result llmf_register_abi(llmf_factory *f, const llmf_provider_desc *p, size_t p_size, llmf_error *err) {
    (void)p, (void)p_size;
    return llmfi_no_register(f, err);
}

#endif

/* ---- the rest ---- */

LLMF_API void llmf_last_error_abi(const llmf_factory *f, llmf_error *err, size_t err_size) {
    llmf_error none;
    llmfi_error_clear(&none);
    if (err) memcpy(err, f ? &f->last_error : &none, err_size < sizeof none ? err_size : sizeof none);
}

LLMF_API llmf_result llmf_replay(llmf_factory *f, const llmf_recording *recording) {
#if !LLMF_HAS_REPLAY
    (void)recording;
    if (f) llmfi_error_left_out(&f->last_error, "llmf_replay", "REPLAY");
    return LLMF_ERR_NOT_BUILT;
#else
    if (!f || !recording || !f->replay) {
        if (f) llmfi_error_set(&f->last_error, LLMF_ERR_ARGUMENT, "llmf_replay needs a recording, and a factory opened with llmf_desc.transport = \"replay\"");
        return LLMF_ERR_ARGUMENT;
    }
    llmfi_replay_set(f->replay, recording);
    return LLMF_OK;
#endif
}

#endif

static bool llmfi_preview_body(llmfi_call *c, llmf_preview *p) {
    size_t got;
    while (llmfi_buf_reserve(&c->raw, 4096) && (got = llmfi_body_read(&c->body, c->raw.ptr + c->raw.len, c->raw.cap - c->raw.len)) > 0) c->raw.len += got;
    if (c->raw.len != c->x.req.body_len) return llmfi_error_memory(&c->reply.error);
    p->body = llmfi_buf_str(&c->raw);
    return true;
}

static void llmfi_preview_fill(llmfi_call *c, llmf_preview *p) {
    size_t i;
    p->method = c->x.req.method;
    p->url = c->x.req.url;
    p->headers = c->x.req.headers;
    p->header_count = c->x.req.header_count;
    for (i = 0; i < p->header_count; i++)
        if (c->secret.len && p->headers[i].value.ptr == c->secret.ptr) ((llmf_header *)(uintptr_t)&p->headers[i])->value = LLMFI_LIT("REDACTED");
}

LLMF_API llmf_result llmf_preview_abi(llmf_factory *f, llmf_model m, const llmf_request *req, size_t req_size, llmf_preview *p, size_t p_size) {
    llmf_preview made;
    llmfi_call *c = f ? llmfi_call_open(f, req, req_size) : NULL;
    memset(&made, 0, sizeof made);
    if (!c) {
        if (f) made.error = f->last_error;
        else llmfi_error_set(&made.error, LLMF_ERR_ARGUMENT, "the factory is NULL");
    } else {
        c->previewing = true;
        made.call.id = c->id;
        if (llmfi_call_build(c, m) && llmfi_preview_body(c, &made)) llmfi_preview_fill(c, &made);
        made.error = c->reply.error;
        c->ended = c->taken = true;
        f->active--;
    }
    if (p) memcpy(p, &made, p_size < sizeof made ? p_size : sizeof made);
    return (llmf_result)made.error.code;
}

#endif
/* Configs checked without a factory that stays. And how much memory a description needs. */
#ifndef LLMFI_ENGINE_CHECK_H
#define LLMFI_ENGINE_CHECK_H

typedef struct llmfi_checking {
    void (*report)(void *user, const llmf_error *err);
    void *user;
    size_t count;
} llmfi_checking;

static void llmfi_on_checked(void *user, const llmf_error *e, bool warning) {
    llmfi_checking *c = (llmfi_checking *)user;
    if (c->report) c->report(c->user, e);
    if (!warning) c->count++;
}

/* A block to try things in. NULL: none could be had. */
static llmf_factory *llmfi_try_out(const llmf_desc *desc, size_t desc_size, llmf_desc *d, void **block) {
    llmf_error err;
    llmf_factory *f;
    memset(d, 0, sizeof *d);
    if (desc) memcpy(d, desc, desc_size < sizeof *d ? desc_size : sizeof *d);
    llmfi_fill_desc(d);
    if (!d->alloc) d->alloc = llmfi_stdlib_alloc;
    if (d->memory_size < LLMFI_DEFAULT_MEMORY) d->memory_size = LLMFI_DEFAULT_MEMORY;
    *block = d->alloc(d->user, NULL, 0, d->memory_size);
    if (!*block) return NULL;
    f = llmfi_lay_out(d, *block, &err);
    if (!f) d->alloc(d->user, *block, d->memory_size, 0);
    return f;
}

LLMF_API size_t llmf_check_abi(const llmf_desc *desc, size_t desc_size, void (*report)(void *user, const llmf_error *err), void *user) {
    llmf_desc d;
    void *block = NULL;
    llmf_factory *f = llmfi_try_out(desc, desc_size, &d, &block);
    llmfi_checking c;
    llmfi_config *config;
    size_t problems = 0;
    llmf_error err;
    c.report = report;
    c.user = user;
    c.count = 0;
    if (!f) {
        llmfi_error_memory(&err);
        llmfi_on_checked(&c, &err, false);
        return c.count;
    }
    if (!llmfi_env_open(&f->env, &f->heap, &f->desc, &err)) {
        llmfi_on_checked(&c, &err, false);
    } else {
        config = llmfi_config_load(&f->heap, &f->desc, &f->env, llmfi_on_checked, &c, &problems);
        if (config) llmfi_config_release(config);
    }
    llmfi_env_close(&f->env);
    d.alloc(d.user, block, d.memory_size, 0);
    return c.count;
}

/* Bytes of heap that a plain call of a few KB needs, and one whose connection is its own: measured by the tests, rounded up to what the heap hands out. */
enum { LLMFI_CALL_BYTES = 32768 };

LLMF_API size_t llmf_min_memory_abi(const llmf_desc *desc, size_t desc_size) {
    llmf_desc d;
    llmf_error err;
    void *block = NULL;
    size_t need = 0;
    llmf_factory *f = llmfi_try_out(desc, desc_size, &d, &block);
    if (!f) return 0;
    /* The config counts twice: a reload builds the new one beside the old. */
    if (llmfi_start_up(f, &err)) need = f->permanent + 2 * f->heap.high + (size_t)d.max_calls * LLMFI_CALL_BYTES;
    llmf_close(f);
    d.alloc(d.user, block, d.memory_size, 0);
    return need ? need + need / LLMF_HEAP_UNIT : 0;
}

#endif
/* Reading JSON that has come, by views and without a tree. */
#ifndef LLMFI_TASKS_JSON_VIEW_H
#define LLMFI_TASKS_JSON_VIEW_H

LLMF_API bool llmf_json_each(llmf_str json, size_t *at, llmf_str *key, llmf_str *value) {
    llmfi_json j;
    int token;
    llmf_str name = llmfi_str("", 0);
    if (*at == 0) {
        llmfi_json_init(&j, json, true);
        token = llmfi_json_next(&j);
        if (token != LLMFI_J_OBJECT && token != LLMFI_J_ARRAY) return false;
    } else { /* behind a value, in the same container: its kind stands at the front */
        llmf_str front = llmfi_trim(json);
        if (*at >= json.len || !front.len) return false;
        llmfi_json_init(&j, llmfi_str(front.ptr, 1), false);
        llmfi_json_next(&j);
        j.want = json.ptr[*at - 1] == ',' ? j.item : LLMFI_JW_COMMA | LLMFI_JW_CLOSE; /* the reader may have taken the comma along */
        llmfi_json_feed(&j, llmfi_from(json, *at), true);
    }
    if (llmfi_json_in_object(&j)) {
        if (llmfi_json_next(&j) != LLMFI_J_KEY) return false;
        name = j.text;
    }
    token = llmfi_json_raw(&j, value);
    if (token <= 0 || token == LLMFI_J_ARRAY_END || token == LLMFI_J_END) return false;
    if (key) *key = name;
    *at = (size_t)(j.at - json.ptr);
    return true;
}

LLMF_API bool llmf_json_get(llmf_str json, const char *name, llmf_str *value) {
    llmf_str key, v;
    size_t at = 0;
    while (llmf_json_each(json, &at, &key, &v)) {
        if (!llmfi_eq(key, llmfi_cstr(name))) continue;
        *value = v;
        return true;
    }
    return false;
}

/* Bytes of the first character or escape of a string's raw text; a surrogate pair is one. */
static size_t llmfi_json_step(llmf_str raw) {
    size_t n = 1;
    if (raw.ptr[0] == '\\') {
        bool high = raw.ptr[1] == 'u' && llmfi_hex(raw.ptr[2]) == 13 && llmfi_hex(raw.ptr[3]) >= 8 && llmfi_hex(raw.ptr[3]) < 12;
        return raw.ptr[1] != 'u' ? 2 : high && raw.len >= 12 && raw.ptr[6] == '\\' && raw.ptr[7] == 'u' ? 12 : 6;
    }
    while (n < raw.len && n < 4 && ((unsigned char)raw.ptr[n] & 0xC0) == 0x80) n++;
    return n;
}

LLMF_API size_t llmf_json_string(llmf_str value, char *out, size_t cap) {
    llmfi_json j;
    llmf_str raw;
    size_t len = 0;
    llmfi_json_init(&j, value, true);
    if (llmfi_json_next(&j) != LLMFI_J_STRING) return LLMF_NOT_A_STRING;
    raw = j.text;
    while (raw.len) { /* step by step: the caller's room is for the result, decoding at once may need more */
        char piece[36];
        size_t step = llmfi_json_step(raw), n = llmfi_json_decode(piece, llmfi_str(raw.ptr, step)), i;
        for (i = 0; i < n; i++, len++)
            if (len + 1 < cap) out[len] = piece[i];
        raw = llmfi_from(raw, step);
    }
    if (cap) out[len < cap ? len : cap - 1] = '\0';
    return len;
}

LLMF_API bool llmf_json_number(llmf_str value, double *out) {
    llmfi_json j;
    llmfi_json_init(&j, value, true);
    return llmfi_json_next(&j) == LLMFI_J_NUMBER && llmfi_parse_double(j.text, out);
}

LLMF_API bool llmf_json_valid(llmf_str json, size_t *bad) {
    llmfi_json j;
    int token;
    llmfi_json_init(&j, json, true);
    do token = llmfi_json_next(&j);
    while (token > 0 && token != LLMFI_J_END);
    if (bad) *bad = token == LLMFI_J_ERROR ? (size_t)j.error_offset : json.len;
    return token == LLMFI_J_END;
}

#endif
#endif
