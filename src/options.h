/* Every option, its default and what it is for. Set them before the include that has LLMFACTORY_IMPLEMENTATION, or with -D. An option is a value:
   1 or 0 (LLMF_NO_GROQ=1), or a number. Code tests only what is derived here: LLMF_HAS_X, always literally 0 or 1.

   Leaving out, in one of two ways
     LLMF_NO_<X>=1                     takes X out of a build that has everything
     LLMF_ONLY=1, LLMF_WITH_<X>=1      a build with nothing but each X named: a new part never creeps in
   Providers: X is the ID of a row of LLMF_PROVIDER in models.def, such as OPENAI, OPENAI_RESPONSES, ANTHROPIC, GEMINI, BEDROCK, OLLAMA, GROQ; LLMFI_HAS_PROVIDER
   below names them all. It takes out the row and its models; an adapter goes with the last provider of its dialect.
   The C library
     LLMF_NO_STDLIB=1                  a build without one: no stdio, malloc, files, sockets, getenv, time or errno. Wanted are the compiler's own headers (stdint,
                                       stddef, stdbool, float), its helpers (libgcc), memcpy, memmove, memset and memcmp; compile with -ffreestanding. It takes CURL, SOCKET,
                                       EPOLL, FILES and ENV out by itself, and refuses their LLMF_WITH_. llmf_desc then has memory (or alloc), clock_ns, for
                                       signatures of AWS wall_ms, and a transport: custom_stream, custom_transport or replay. LLMF_ONLY goes with it
     LLMF_NO_MALLOC=1                  no malloc and free: the block is llmf_desc.memory, or llmf_desc.alloc gives it
     LLMF_NO_GETADDRINFO=1             SOCKET asks the system for no host's address: it is an address, localhost, or llmf_desc.resolve knows it. For static programs:
                                       musl's look-up is 20 KB and allocates, glibc's wants its shared libraries
   Transports
     CURL        on                    libcurl; without it nothing of curl is included or linked
     SOCKET      on                    our HTTP over plain sockets: http:// only
     EPOLL       on Linux              waits by epoll; else, and with a compiler that is neither gcc nor clang, by poll()
     REPLAY      on                    plays recorded replies
     CUSTOM      on                    llmf_desc.custom_transport and custom_stream
     BEARSSL     off: LLMF_WITH_BEARSSL=1   https over SOCKET: TLS 1.2 by BearSSL, to be linked with -lbearssl
     ROOTS       off: LLMF_WITH_ROOTS=1     the roots of the providers' certificates in the program, for BEARSSL: no file is read
     DNS_THREADS off: LLMF_WITH_DNS_THREADS=1   for SOCKET: a host that no llmf_desc.resolve is there for is looked up by getaddrinfo in a thread (POSIX's, to be linked with
                                       -lpthread where the C library wants it, or Windows'), so that llmf_poll never waits for DNS. At most LLMF_MAX_LOOKUPS at once; what
                                       they need, 2 KB and their stacks, is not in the block, as one that is slow may end after llmf_close
   Plugins
     PLUGINS     off: LLMF_WITH_PLUGINS=1   `plugins:` of the config: dialects and providers in shared objects, which it names with their SHA-256 (plugin_api.h). POSIX; wants
                                       CONFIG, REGISTER and FILES, and -ldl with a glibc before 2.34. What is loaded is not in the block
   Features (a request that needs one which is left out ends in LLMF_ERR_NOT_BUILT)
     CONFIG      on                    config files and texts, and what llmf_create is given; without it a model is named provider:model, and only the
                                       tables, llmf_desc and the environment say what that is
     YAML        on                    reads YAML config; without it JSON only
     SOURCES     on                    config from elsewhere: http:// and https://, s3://, ssm:, a hook; its watching. Needs CONFIG. Keys for AWS are found as for Bedrock
     SECRETS     on                    keys by name, fetched when they are needed: api_key_file, api_key_secret_name (AWS), api_key_command, llmf_desc.secret; without CONFIG
                                       that hook alone
     FILES       on                    reads config, .env, prompts and media from files; without it texts and memory only
     ENV         on                    reads environment variables. With CONFIG, FILES or REGISTER llmf_desc.getenv_fn works either way; without all of them no variable
                                       is read: the key is llmf_desc.api_key
     MODELS      on                    the table of models: limits, prices, capabilities; without it every id is sent as typed
     REGISTER    on                    llmf_register and llmf_register_dialect
     MEDIA       on                    messages of parts: images, audio, files
     SCHEMA      on                    a JSON Schema as llmf_request.format, and `strict` of a tool; without it a tool's parameters are sent as they stand
     EXTRA       on                    llmf_request.extra
     STATE       on                    llmf_response.state, and message.state: what a provider wants back in the next turn; without it none is kept
     CITATIONS   on                    sources that a reply cites; without it llmf_response.citations stays empty
     FAULTS      on                    what a provider's error means where its status does not say it: codes, phrases, validation errors, XML and HTML;
                                       without it the status decides, and the message is that of {"error": {"message", "code"}}
     REASONING   on                    llmf_request.reasoning, and reasoning that a provider puts into parts of its own
     INFO        on                    "did you mean", and the names of providers in messages and in llmf_provider_at that are not built in
     SLICES      on                    llmf_desc.slice_us
     RETRY       on                    repeats what may pass, moves to the next of a chain (fallbacks), keeps limits, cool-downs and breakers; without it a call is one request
     ROUTES      on                    llmf_route, `routes:` of the config, scores
     PROMPTS     on                    llmf_render, llmf_chain, `prompts:` and `chains:` of the config
     MCP         off: LLMF_WITH_MCP=1  tools of MCP servers as functions of a run, over HTTP and, on POSIX, over a program's standard input and output (mcp_api.h); wants RUN
     RUN         on                    llmf_run: the functions that a model calls are called, and it goes on with their results
     BATCH       on                    llmf_start_batch: many requests, a few at a time
     JOBS        on                    llmf_start_job: batches that the provider itself runs, within a day and for less. Needs BATCH
     SIMULATE    on                    llmf_request.simulate_stream: replies that come whole are handed out in pieces
     FIT         on                    llmf_fit_messages: histories cut to a model's window; conversations saved and loaded as JSON
     TOKENS      on                    counts tokens without asking: llmf_count_tokens; exactly with the rank files of cl100k_base and o200k_base (llmf_tokens_open, llmf_desc.ranks)
     STRUCTURED  on                    answers that keep to a JSON Schema: llmf_start_json (which needs PROMPTS too), llmf_json_check, llmf_json_feed, llmf_json_schema,
                                       and llmf_text_each for what is no JSON
     BUDGETS     on                    budgets of money: `budgets:`, budget_usd and those of llmf_desc
     METRICS     on                    llmf_metrics and spans
     CACHE       on                    the cache of responses
     FILTERS     on                    hooks that look at requests before they are sent, and at what comes
     SAVE        on                    llmf_save and llmf_load: what is known of limits, breakers, budgets and latencies, kept over a restart
     EMBED       on                    LLMF_OP_EMBED
     TRANSCRIBE  on                    LLMF_OP_TRANSCRIBE
     COUNT       on                    LLMF_OP_COUNT_TOKENS
     LIST        on                    LLMF_OP_LIST_MODELS
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
     LLMF_MAX_QUEUED        128        events that wait for llmf_next before a call stops reading
     LLMF_MAX_ERROR_BODY    1 MiB      kept of an error reply's body
     LLMF_MAX_TOOL_CALLS    128        tool calls in one reply
     LLMF_MAX_REPLY_PARTS   4096       texts and items in one streamed reply of the Responses API
     LLMF_MAX_CITATIONS     1024       sources cited in one reply; what comes beyond is not kept
     LLMF_MAX_PLUGINS       8          plugins of one config (PLUGINS)
     LLMF_MAX_PLUGIN        16 MiB     one of them
     LLMF_MAX_REGISTERED    32         providers, and dialects, that a program registers
     LLMF_MAX_ATTEMPTS      16         attempts of a call that its response tells of: the latest
     LLMF_MAX_FALLBACKS     8          models of a chain
     LLMF_MAX_CHAIN         32         steps of a chain of prompts
     LLMF_MAX_MCP_TOOLS     256        tools of one MCP server; those beyond are left out (MCP)
     LLMF_MAX_MCP_MESSAGE   4 MiB      one message of an MCP server
     LLMF_MAX_TURNS         10         answers of the model in a run, where llmf_run_desc.max_turns says nothing
     LLMF_MAX_TOOL_USES     100        tool calls in a run, where llmf_run_desc.max_tool_calls says nothing
     LLMF_MAX_TOOL_RESULT   1 MiB      what one tool gives back in a run; the rest is cut off, and the model is told
     LLMF_MAX_AT_ONCE       4096       requests of one batch under way at once
     LLMF_MAX_MESSAGES      65536      messages of one conversation that is cut, or loaded (FIT)
     LLMF_MAX_CONVERSATION  64 MiB     of JSON, of one that is loaded or saved
     LLMF_MAX_RANK_FILES    4          of llmf_desc.ranks (TOKENS)
     LLMF_MAX_JSON_REPEATS  16         answers that a call may ask for again as they do not keep to their schema
     LLMF_MAX_SCHEMA_DEPTH  512        schemas within schemas that a check is in at once, $ref counted
     LLMF_MAX_CHECK_WORK    20000000   steps of one check
     LLMF_MAX_REGEX         2000       states of one pattern
     LLMF_MAX_HEALTH        256        models at hosts of which it is kept how they do; of those beyond nothing is
     LLMF_MAX_BUDGETS       256        models and routes whose budgets are counted; a call under a budget beyond them is refused
     LLMF_MAX_SERIES        128        models that llmf_metrics tells apart, 2 KiB of the block each, and hops from one to another; those beyond are "other"
     LLMF_MAX_SECRETS       32         keys that were fetched and are kept at once (SECRETS)
     LLMF_MAX_LOOKUPS       4          hosts of a factory that are looked up at once (DNS_THREADS); further ones wait
     LLMF_TAIL_MS           2000       milliseconds that a reply may go on for behind its terminal event
     LLMF_BODY_KEEP         4096       bytes of a request that are kept from measuring it to sending it; a longer one is written twice. One such room in a factory
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

/* Providers and dialects: models.def has a row for each. */
#include "provider_options.h"

#if !LLMFI_HAS_PROVIDER
#error "llmfactory: no provider is left. With LLMF_ONLY name at least one: LLMF_WITH_OPENAI, LLMF_WITH_ANTHROPIC, LLMF_WITH_OLLAMA, LLMF_WITH_MOCK, or a host of the list above"
#endif

/* ---- the C library ---- */

#if defined(LLMF_NO_STDLIB) && LLMF_NO_STDLIB
#define LLMF_HAS_STDLIB 0
#else
#define LLMF_HAS_STDLIB 1
#endif
#if !LLMF_HAS_STDLIB && ((defined(LLMF_WITH_CURL) && LLMF_WITH_CURL) || (defined(LLMF_WITH_SOCKET) && LLMF_WITH_SOCKET) || (defined(LLMF_WITH_EPOLL) && LLMF_WITH_EPOLL) || \
                         (defined(LLMF_WITH_FILES) && LLMF_WITH_FILES) || (defined(LLMF_WITH_ENV) && LLMF_WITH_ENV))
#error "llmfactory: LLMF_NO_STDLIB=1 is a build without a C library: CURL, SOCKET, EPOLL, FILES and ENV are not in it. Take their LLMF_WITH_ away, or LLMF_NO_STDLIB"
#endif

#if !LLMF_HAS_STDLIB || (defined(LLMF_NO_MALLOC) && LLMF_NO_MALLOC)
#define LLMF_HAS_MALLOC 0
#else
#define LLMF_HAS_MALLOC 1
#endif
#if !LLMF_HAS_STDLIB || (defined(LLMF_NO_GETADDRINFO) && LLMF_NO_GETADDRINFO)
#define LLMF_HAS_GETADDRINFO 0
#else
#define LLMF_HAS_GETADDRINFO 1
#endif

/* ---- transports ---- */

#if !LLMF_HAS_STDLIB || (LLMF_ONLY && !(defined(LLMF_WITH_CURL) && LLMF_WITH_CURL)) || (defined(LLMF_NO_CURL) && LLMF_NO_CURL)
#define LLMF_HAS_CURL 0
#else
#define LLMF_HAS_CURL 1
#endif
#if !LLMF_HAS_STDLIB || (LLMF_ONLY && !(defined(LLMF_WITH_SOCKET) && LLMF_WITH_SOCKET)) || (defined(LLMF_NO_SOCKET) && LLMF_NO_SOCKET)
#define LLMF_HAS_SOCKET 0
#else
#define LLMF_HAS_SOCKET 1
#endif
/* glibc hides __attribute__ from other compilers (tcc), and with it that struct epoll_event is packed: they would write over its end. */
#if !defined(__linux__) || !defined(__GNUC__) || !LLMF_HAS_STDLIB || (LLMF_ONLY && !(defined(LLMF_WITH_EPOLL) && LLMF_WITH_EPOLL)) || (defined(LLMF_NO_EPOLL) && LLMF_NO_EPOLL)
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

/* Off unless asked for, so that no build needs a library which it did not name. */
#if defined(LLMF_WITH_BEARSSL) && LLMF_WITH_BEARSSL
#define LLMF_HAS_BEARSSL 1
#else
#define LLMF_HAS_BEARSSL 0
#endif
#if LLMF_HAS_BEARSSL && !LLMF_HAS_SOCKET
#error "llmfactory: LLMF_WITH_BEARSSL=1 is TLS for the transport SOCKET, which is not in this build: drop LLMF_NO_SOCKET, or, with LLMF_ONLY, add LLMF_WITH_SOCKET=1"
#endif
#if defined(LLMF_WITH_ROOTS) && LLMF_WITH_ROOTS
#define LLMF_HAS_ROOTS 1
#else
#define LLMF_HAS_ROOTS 0
#endif
#if LLMF_HAS_ROOTS && !LLMF_HAS_BEARSSL
#error "llmfactory: LLMF_WITH_ROOTS=1 is of use to LLMF_WITH_BEARSSL=1 only: libcurl has roots of its own"
#endif

#if defined(LLMF_WITH_DNS_THREADS) && LLMF_WITH_DNS_THREADS
#define LLMF_HAS_DNS_THREADS 1
#else
#define LLMF_HAS_DNS_THREADS 0
#endif
#if LLMF_HAS_DNS_THREADS && !LLMF_HAS_SOCKET
#error "llmfactory: LLMF_WITH_DNS_THREADS=1 is of use to the transport SOCKET only, which is not in this build: libcurl has a resolver of its own"
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
#if !LLMF_HAS_STDLIB || (LLMF_ONLY && !(defined(LLMF_WITH_FILES) && LLMF_WITH_FILES)) || (defined(LLMF_NO_FILES) && LLMF_NO_FILES)
#define LLMF_HAS_FILES 0
#else
#define LLMF_HAS_FILES 1
#endif
#if !LLMF_HAS_STDLIB || (LLMF_ONLY && !(defined(LLMF_WITH_ENV) && LLMF_WITH_ENV)) || (defined(LLMF_NO_ENV) && LLMF_NO_ENV)
#define LLMF_HAS_ENV 0
#else
#define LLMF_HAS_ENV 1
#endif
#if !LLMF_HAS_CONFIG || (LLMF_ONLY && !(defined(LLMF_WITH_SOURCES) && LLMF_WITH_SOURCES)) || (defined(LLMF_NO_SOURCES) && LLMF_NO_SOURCES)
#define LLMF_HAS_SOURCES 0
#else
#define LLMF_HAS_SOURCES 1
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_SECRETS) && LLMF_WITH_SECRETS)) || (defined(LLMF_NO_SECRETS) && LLMF_NO_SECRETS)
#define LLMF_HAS_SECRETS 0
#else
#define LLMF_HAS_SECRETS 1
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
#if defined(LLMF_WITH_PLUGINS) && LLMF_WITH_PLUGINS
#define LLMF_HAS_PLUGINS 1
#else
#define LLMF_HAS_PLUGINS 0
#endif
#if LLMF_HAS_PLUGINS && !(LLMF_HAS_CONFIG && LLMF_HAS_REGISTER && LLMF_HAS_FILES)
#error "llmfactory: LLMF_WITH_PLUGINS=1 wants CONFIG, REGISTER and FILES: drop their LLMF_NO_, or, with LLMF_ONLY, add their LLMF_WITH_"
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
#if (LLMF_ONLY && !(defined(LLMF_WITH_FAULTS) && LLMF_WITH_FAULTS)) || (defined(LLMF_NO_FAULTS) && LLMF_NO_FAULTS)
#define LLMF_HAS_FAULTS 0
#else
#define LLMF_HAS_FAULTS 1
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_REASONING) && LLMF_WITH_REASONING)) || (defined(LLMF_NO_REASONING) && LLMF_NO_REASONING)
#define LLMF_HAS_REASONING 0
#else
#define LLMF_HAS_REASONING 1
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_INFO) && LLMF_WITH_INFO)) || (defined(LLMF_NO_INFO) && LLMF_NO_INFO)
#define LLMF_HAS_INFO 0
#else
#define LLMF_HAS_INFO 1
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_SLICES) && LLMF_WITH_SLICES)) || (defined(LLMF_NO_SLICES) && LLMF_NO_SLICES)
#define LLMF_HAS_SLICES 0
#else
#define LLMF_HAS_SLICES 1
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_RETRY) && LLMF_WITH_RETRY)) || (defined(LLMF_NO_RETRY) && LLMF_NO_RETRY)
#define LLMF_HAS_RETRY 0
#else
#define LLMF_HAS_RETRY 1
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_ROUTES) && LLMF_WITH_ROUTES)) || (defined(LLMF_NO_ROUTES) && LLMF_NO_ROUTES)
#define LLMF_HAS_ROUTES 0
#else
#define LLMF_HAS_ROUTES 1
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_PROMPTS) && LLMF_WITH_PROMPTS)) || (defined(LLMF_NO_PROMPTS) && LLMF_NO_PROMPTS)
#define LLMF_HAS_PROMPTS 0
#else
#define LLMF_HAS_PROMPTS 1
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_RUN) && LLMF_WITH_RUN)) || (defined(LLMF_NO_RUN) && LLMF_NO_RUN)
#define LLMF_HAS_RUN 0
#else
#define LLMF_HAS_RUN 1
#endif
#if defined(LLMF_WITH_MCP) && LLMF_WITH_MCP
#define LLMF_HAS_MCP 1
#else
#define LLMF_HAS_MCP 0
#endif
#if LLMF_HAS_MCP && !LLMF_HAS_RUN
#error "llmfactory: LLMF_WITH_MCP=1 wants RUN: drop LLMF_NO_RUN, or, with LLMF_ONLY, add LLMF_WITH_RUN=1"
#endif
/* Calls that ask several times: see engine/steps.h. */
#if LLMF_HAS_PROMPTS || LLMF_HAS_RUN
#define LLMFI_HAS_STEPS 1
#else
#define LLMFI_HAS_STEPS 0
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_BATCH) && LLMF_WITH_BATCH)) || (defined(LLMF_NO_BATCH) && LLMF_NO_BATCH)
#define LLMF_HAS_BATCH 0
#else
#define LLMF_HAS_BATCH 1
#endif
#if !LLMF_HAS_BATCH || (LLMF_ONLY && !(defined(LLMF_WITH_JOBS) && LLMF_WITH_JOBS)) || (defined(LLMF_NO_JOBS) && LLMF_NO_JOBS)
#define LLMF_HAS_JOBS 0
#else
#define LLMF_HAS_JOBS 1
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_SIMULATE) && LLMF_WITH_SIMULATE)) || (defined(LLMF_NO_SIMULATE) && LLMF_NO_SIMULATE)
#define LLMF_HAS_SIMULATE 0
#else
#define LLMF_HAS_SIMULATE 1
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_FIT) && LLMF_WITH_FIT)) || (defined(LLMF_NO_FIT) && LLMF_NO_FIT)
#define LLMF_HAS_FIT 0
#else
#define LLMF_HAS_FIT 1
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_TOKENS) && LLMF_WITH_TOKENS)) || (defined(LLMF_NO_TOKENS) && LLMF_NO_TOKENS)
#define LLMF_HAS_TOKENS 0
#else
#define LLMF_HAS_TOKENS 1
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_STRUCTURED) && LLMF_WITH_STRUCTURED)) || (defined(LLMF_NO_STRUCTURED) && LLMF_NO_STRUCTURED)
#define LLMF_HAS_STRUCTURED 0
#else
#define LLMF_HAS_STRUCTURED 1
#endif
/* Calls whose answer must keep to a schema: they are steps too. */
#if LLMF_HAS_STRUCTURED && LLMF_HAS_PROMPTS
#define LLMFI_HAS_JSON_STEPS 1
#else
#define LLMFI_HAS_JSON_STEPS 0
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_BUDGETS) && LLMF_WITH_BUDGETS)) || (defined(LLMF_NO_BUDGETS) && LLMF_NO_BUDGETS)
#define LLMF_HAS_BUDGETS 0
#else
#define LLMF_HAS_BUDGETS 1
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_METRICS) && LLMF_WITH_METRICS)) || (defined(LLMF_NO_METRICS) && LLMF_NO_METRICS)
#define LLMF_HAS_METRICS 0
#else
#define LLMF_HAS_METRICS 1
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_CACHE) && LLMF_WITH_CACHE)) || (defined(LLMF_NO_CACHE) && LLMF_NO_CACHE)
#define LLMF_HAS_CACHE 0
#else
#define LLMF_HAS_CACHE 1
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_FILTERS) && LLMF_WITH_FILTERS)) || (defined(LLMF_NO_FILTERS) && LLMF_NO_FILTERS)
#define LLMF_HAS_FILTERS 0
#else
#define LLMF_HAS_FILTERS 1
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_SAVE) && LLMF_WITH_SAVE)) || (defined(LLMF_NO_SAVE) && LLMF_NO_SAVE)
#define LLMF_HAS_SAVE 0
#else
#define LLMF_HAS_SAVE 1
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_STRINGS) && LLMF_WITH_STRINGS)) || (defined(LLMF_NO_STRINGS) && LLMF_NO_STRINGS)
#define LLMF_HAS_STRINGS 0
#else
#define LLMF_HAS_STRINGS 1
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_EMBED) && LLMF_WITH_EMBED)) || (defined(LLMF_NO_EMBED) && LLMF_NO_EMBED)
#define LLMF_HAS_EMBED 0
#else
#define LLMF_HAS_EMBED 1
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_TRANSCRIBE) && LLMF_WITH_TRANSCRIBE)) || (defined(LLMF_NO_TRANSCRIBE) && LLMF_NO_TRANSCRIBE)
#define LLMF_HAS_TRANSCRIBE 0
#else
#define LLMF_HAS_TRANSCRIBE 1
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_COUNT) && LLMF_WITH_COUNT)) || (defined(LLMF_NO_COUNT) && LLMF_NO_COUNT)
#define LLMF_HAS_COUNT 0
#else
#define LLMF_HAS_COUNT 1
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_LIST) && LLMF_WITH_LIST)) || (defined(LLMF_NO_LIST) && LLMF_NO_LIST)
#define LLMF_HAS_LIST 0
#else
#define LLMF_HAS_LIST 1
#endif
#define LLMFI_HAS_OPS (LLMF_HAS_EMBED || LLMF_HAS_TRANSCRIBE || LLMF_HAS_COUNT || LLMF_HAS_LIST || LLMF_HAS_JOBS)
/* What is kept of each model at each host: see engine/health.h. */
#define LLMFI_HAS_HEALTH (LLMF_HAS_RETRY || LLMF_HAS_ROUTES || LLMF_HAS_METRICS || LLMF_HAS_SAVE)

/* S3, the Parameter Store and Secrets Manager: see factory/aws_services.h. */
#if LLMF_HAS_SOURCES || (LLMF_HAS_SECRETS && LLMF_HAS_CONFIG)
#define LLMFI_HAS_SERVICES 1
#else
#define LLMFI_HAS_SERVICES 0
#endif
/* Config and secrets from AWS are signed for as Bedrock's requests are. */
#if LLMFI_ROWS_USE_AWS || LLMFI_HAS_SERVICES
#define LLMF_HAS_AWS 1
#else
#define LLMF_HAS_AWS 0
#endif
#define LLMFI_HAS_FETCH (LLMF_HAS_AWS || LLMF_HAS_SOURCES || LLMF_HAS_MCP)
/* Calls may have to wait for keys. */
#define LLMFI_HAS_WAITS (LLMF_HAS_AWS || LLMF_HAS_SECRETS)
/* A build that finds keys for AWS. */
#define LLMFI_HAS_AWS_KEYS LLMF_HAS_AWS

/* A build that reads variables from somewhere. */
#if LLMF_HAS_ENV || LLMF_HAS_CONFIG || LLMF_HAS_FILES || LLMF_HAS_REGISTER
#define LLMFI_HAS_VARIABLES 1
#else
#define LLMFI_HAS_VARIABLES 0
#endif

/* A build whose configs or variables may set headers. */
#if LLMF_HAS_CONFIG || LLMFI_HAS_VARIABLES
#define LLMFI_HAS_OWN_HEADERS 1
#else
#define LLMFI_HAS_OWN_HEADERS 0
#endif

/* Keeps what follows where `has` is 1, drops it where it is 0. */
#define LLMFI_KEEP(has, ...) LLMFI_KEEP_IF(has, __VA_ARGS__)
#define LLMFI_KEEP_IF(has, ...) LLMFI_KEEP_##has(__VA_ARGS__)
#define LLMFI_KEEP_1(...) __VA_ARGS__
#define LLMFI_KEEP_0(...)
/* The other way round. */
#define LLMFI_DROP(has, ...) LLMFI_DROP_IF(has, __VA_ARGS__)
#define LLMFI_DROP_IF(has, ...) LLMFI_DROP_##has(__VA_ARGS__)
#define LLMFI_DROP_1(...)
#define LLMFI_DROP_0(...) __VA_ARGS__

/* How the streams of the dialects come; what a program registers may take any. */
#if LLMF_HAS_REGISTER || LLMFI_ROWS_STREAM_NDJSON || LLMF_HAS_JOBS
#define LLMFI_HAS_NDJSON 1
#else
#define LLMFI_HAS_NDJSON 0
#endif
#if LLMF_HAS_REGISTER || LLMFI_ROWS_STREAM_SSE
#define LLMFI_HAS_SSE 1
#else
#define LLMFI_HAS_SSE 0
#endif
#if LLMF_HAS_REGISTER || LLMFI_ROWS_STREAM_JSON_ARRAY
#define LLMFI_HAS_JSON_ARRAY 1
#else
#define LLMFI_HAS_JSON_ARRAY 0
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
#define LLMF_MAX_QUEUED 128
#endif
#ifndef LLMF_MAX_ERROR_BODY
#define LLMF_MAX_ERROR_BODY 1048576
#endif
#ifndef LLMF_MAX_TOOL_CALLS
#define LLMF_MAX_TOOL_CALLS 128
#endif
#ifndef LLMF_MAX_REPLY_PARTS
#define LLMF_MAX_REPLY_PARTS 4096
#endif
#ifndef LLMF_MAX_CITATIONS
#define LLMF_MAX_CITATIONS 1024
#endif
#ifndef LLMF_MAX_REGISTERED
#define LLMF_MAX_REGISTERED 32
#endif
#ifndef LLMF_MAX_PLUGINS
#define LLMF_MAX_PLUGINS 8
#endif
#ifndef LLMF_MAX_PLUGIN
#define LLMF_MAX_PLUGIN (16u << 20)
#endif
#ifndef LLMF_MAX_ATTEMPTS
#define LLMF_MAX_ATTEMPTS 16
#endif
#ifndef LLMF_MAX_LOOKUPS
#define LLMF_MAX_LOOKUPS 4
#endif
#ifndef LLMF_MAX_SECRETS
#define LLMF_MAX_SECRETS 32
#endif
#ifndef LLMF_MAX_FALLBACKS
#define LLMF_MAX_FALLBACKS 8
#endif
#ifndef LLMF_MAX_CHAIN
#define LLMF_MAX_CHAIN 32
#endif
#ifndef LLMF_MAX_MCP_TOOLS
#define LLMF_MAX_MCP_TOOLS 256
#endif
#ifndef LLMF_MAX_MCP_MESSAGE
#define LLMF_MAX_MCP_MESSAGE (4u << 20)
#endif
#ifndef LLMF_MAX_TURNS
#define LLMF_MAX_TURNS 10
#endif
#ifndef LLMF_MAX_TOOL_USES
#define LLMF_MAX_TOOL_USES 100
#endif
#ifndef LLMF_MAX_TOOL_RESULT
#define LLMF_MAX_TOOL_RESULT (1u << 20)
#endif
#ifndef LLMF_MAX_AT_ONCE
#define LLMF_MAX_AT_ONCE 4096
#endif
#ifndef LLMF_MAX_MESSAGES
#define LLMF_MAX_MESSAGES 65536
#endif
#ifndef LLMF_MAX_CONVERSATION
#define LLMF_MAX_CONVERSATION (64u << 20)
#endif
#ifndef LLMF_MAX_RANK_FILES
#define LLMF_MAX_RANK_FILES 4
#endif
#ifndef LLMF_MAX_JSON_REPEATS
#define LLMF_MAX_JSON_REPEATS 16
#endif
#ifndef LLMF_MAX_SCHEMA_DEPTH
#define LLMF_MAX_SCHEMA_DEPTH 512
#endif
#ifndef LLMF_MAX_CHECK_WORK
#define LLMF_MAX_CHECK_WORK 20000000
#endif
#ifndef LLMF_MAX_REGEX
#define LLMF_MAX_REGEX 2000
#endif
#ifndef LLMF_MAX_HEALTH
#define LLMF_MAX_HEALTH 256
#endif
#ifndef LLMF_MAX_BUDGETS
#define LLMF_MAX_BUDGETS 256
#endif
#ifndef LLMF_MAX_SERIES
#define LLMF_MAX_SERIES 128
#endif
#ifndef LLMF_TAIL_MS
#define LLMF_TAIL_MS 2000
#endif
#ifndef LLMF_BODY_KEEP
#define LLMF_BODY_KEEP 4096
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
