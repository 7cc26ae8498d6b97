/* Every option, its default and what it is for. Set them before the include that has LLMFACTORY_IMPLEMENTATION, or with -D. An option is a value:
   1 or 0 (LLMF_NO_GROQ=1), or a number. Code tests only what is derived here: LLMF_HAS_X, always literally 0 or 1.

   Leaving out, in one of two ways
     LLMF_NO_<X>=1                     takes X out of a build that has everything
     LLMF_ONLY=1, LLMF_WITH_<X>=1      a build with nothing but each X named: a new part never creeps in
   Providers (each X takes out its row of models.def and its models; an adapter goes with the last provider of its dialect)
     of the dialect openai             OPENAI and every host of the openai dialect:
                                       MISTRAL GROQ DEEPSEEK XAI OPENROUTER TOGETHER FIREWORKS PERPLEXITY CEREBRAS NVIDIA ZAI MOONSHOT
                                       ALIBABA VERCEL VOYAGE WRITER CRUSOE AVIAN HEROKU SNOWFLAKE BEDROCK_MANTLE PORTKEY LITELLM VLLM
                                       LLAMACPP LMSTUDIO GPUSTACK HUGGINGFACE
     of their own                      OPENAI_RESPONSES ANTHROPIC GEMINI VERTEX OLLAMA COHERE AZURE BEDROCK MOCK
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
     LLMF_MAX_REGISTERED    32         providers, and dialects, that a program registers
     LLMF_BATCH_WAIT_MS     500        milliseconds before a failed batch of LLMF_OP_EMBED is repeated, where the provider does not say how long
     LLMF_BATCH_MAX_WAIT_MS 60000      the longest such wait that a provider may ask for; beyond it the call fails at once
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
#if (LLMF_ONLY && !(defined(LLMF_WITH_OPENAI_RESPONSES) && LLMF_WITH_OPENAI_RESPONSES)) || (defined(LLMF_NO_OPENAI_RESPONSES) && LLMF_NO_OPENAI_RESPONSES)
#define LLMF_HAS_OPENAI_RESPONSES 0
#else
#define LLMF_HAS_OPENAI_RESPONSES 1
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_GEMINI) && LLMF_WITH_GEMINI)) || (defined(LLMF_NO_GEMINI) && LLMF_NO_GEMINI)
#define LLMF_HAS_GEMINI 0
#else
#define LLMF_HAS_GEMINI 1
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_VERTEX) && LLMF_WITH_VERTEX)) || (defined(LLMF_NO_VERTEX) && LLMF_NO_VERTEX)
#define LLMF_HAS_VERTEX 0
#else
#define LLMF_HAS_VERTEX 1
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_AZURE) && LLMF_WITH_AZURE)) || (defined(LLMF_NO_AZURE) && LLMF_NO_AZURE)
#define LLMF_HAS_AZURE 0
#else
#define LLMF_HAS_AZURE 1
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_BEDROCK) && LLMF_WITH_BEDROCK)) || (defined(LLMF_NO_BEDROCK) && LLMF_NO_BEDROCK)
#define LLMF_HAS_BEDROCK 0
#else
#define LLMF_HAS_BEDROCK 1
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_COHERE) && LLMF_WITH_COHERE)) || (defined(LLMF_NO_COHERE) && LLMF_NO_COHERE)
#define LLMF_HAS_COHERE 0
#else
#define LLMF_HAS_COHERE 1
#endif
#if (LLMF_ONLY && !(defined(LLMF_WITH_HUGGINGFACE) && LLMF_WITH_HUGGINGFACE)) || (defined(LLMF_NO_HUGGINGFACE) && LLMF_NO_HUGGINGFACE)
#define LLMF_HAS_HUGGINGFACE 0
#else
#define LLMF_HAS_HUGGINGFACE 1
#endif

/* ---- dialects: in when a provider of theirs is ---- */

#if LLMF_HAS_OPENAI || LLMF_HAS_MISTRAL || LLMF_HAS_GROQ || LLMF_HAS_DEEPSEEK || LLMF_HAS_XAI || LLMF_HAS_OPENROUTER || LLMF_HAS_TOGETHER || \
    LLMF_HAS_FIREWORKS || LLMF_HAS_PERPLEXITY || LLMF_HAS_CEREBRAS || LLMF_HAS_NVIDIA || LLMF_HAS_ZAI || LLMF_HAS_MOONSHOT || LLMF_HAS_ALIBABA || \
    LLMF_HAS_VERCEL || LLMF_HAS_VOYAGE || LLMF_HAS_WRITER || LLMF_HAS_CRUSOE || LLMF_HAS_AVIAN || LLMF_HAS_HEROKU || LLMF_HAS_SNOWFLAKE || \
    LLMF_HAS_BEDROCK_MANTLE || LLMF_HAS_PORTKEY || LLMF_HAS_LITELLM || LLMF_HAS_VLLM || LLMF_HAS_LLAMACPP || LLMF_HAS_LMSTUDIO || LLMF_HAS_GPUSTACK || \
    LLMF_HAS_HUGGINGFACE || LLMF_HAS_AZURE /* whose adapter is openai's with other paths */
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
#define LLMF_HAS_DIALECT_HUGGINGFACE 0 /* operations only: chat is of the dialect openai there */
#if LLMF_HAS_GEMINI || LLMF_HAS_VERTEX
#define LLMF_HAS_DIALECT_GEMINI 1
#else
#define LLMF_HAS_DIALECT_GEMINI 0
#endif

/* Requests signed with AWS keys. */
#define LLMF_HAS_AWS LLMF_HAS_BEDROCK

#if !(LLMF_HAS_DIALECT_OPENAI || LLMF_HAS_DIALECT_ANTHROPIC || LLMF_HAS_DIALECT_OLLAMA || LLMF_HAS_DIALECT_MOCK || \
      LLMF_HAS_DIALECT_OPENAI_RESPONSES || LLMF_HAS_DIALECT_GEMINI || LLMF_HAS_DIALECT_AZURE || LLMF_HAS_DIALECT_BEDROCK || \
      LLMF_HAS_DIALECT_COHERE)
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
#define LLMFI_HAS_OPS (LLMF_HAS_EMBED || LLMF_HAS_TRANSCRIBE || LLMF_HAS_COUNT || LLMF_HAS_LIST)

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

/* How the streams of the dialects come; what a program registers may take any. */
#if LLMF_HAS_REGISTER || LLMF_HAS_DIALECT_OLLAMA || LLMF_HAS_DIALECT_MOCK
#define LLMFI_HAS_NDJSON 1
#else
#define LLMFI_HAS_NDJSON 0
#endif
#if LLMF_HAS_REGISTER || LLMF_HAS_DIALECT_OPENAI || LLMF_HAS_DIALECT_ANTHROPIC || LLMF_HAS_DIALECT_OPENAI_RESPONSES || LLMF_HAS_DIALECT_GEMINI || \
    LLMF_HAS_DIALECT_AZURE || LLMF_HAS_DIALECT_COHERE
#define LLMFI_HAS_SSE 1
#else
#define LLMFI_HAS_SSE 0
#endif
#if LLMF_HAS_REGISTER || LLMF_HAS_DIALECT_GEMINI
#define LLMFI_HAS_JSON_ARRAY 1
#else
#define LLMFI_HAS_JSON_ARRAY 0
#endif

#define LLMFI_HAS_EVENTSTREAM LLMF_HAS_DIALECT_BEDROCK

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
#ifndef LLMF_BATCH_WAIT_MS
#define LLMF_BATCH_WAIT_MS 500
#endif
#ifndef LLMF_BATCH_MAX_WAIT_MS
#define LLMF_BATCH_MAX_WAIT_MS 60000
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
