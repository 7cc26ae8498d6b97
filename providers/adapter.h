/* What an adapter is: one wire dialect as pure functions, request -> bytes, bytes -> events. No I/O, no clock, no allocation but through the
   reply. An adapter sees one request whose defaults are already filled in, and the settings of its model; it tells what came by the
   llmfi_reply_… functions of reply.h. Facts about hosts are columns of models.def (quirks), never `if (provider is …)`. */
#ifndef LLMFI_PROVIDERS_ADAPTER_H
#define LLMFI_PROVIDERS_ADAPTER_H
#include "../src/base/json_write.h"
#include "../src/base/node.h"
#include "../src/options.h"
#include "reply.h"

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
    X(ADAPTIVE_THINKING, "adaptive_thinking", "reasoning is asked for by effort, not by a token budget")                               \
    X(TOKEN_BUDGET, "token_budget", "takes a token budget for reasoning besides an effort")                                            \
    X(THINKING_EFFORT, "thinking_effort", "besides thinking: {type} the level of reasoning goes out as reasoning_effort")                 \
    X(SIGNED_CALLS, "signed_calls", "refuses a call without its signature: that of another model gets one which the provider takes for it")\
    X(ENCRYPTED_REASONING, "encrypted_reasoning", "gives its reasoning encrypted, to be sent back, when the Responses API is asked for it")  \
    X(REASONING_CONFIG, "reasoning_config", "reasoning is asked for by reasoningConfig: {type, maxReasoningEffort}")                    \
    X(NO_TEMPERATURE, "no_temperature", "refuses temperature and top_p, but takes stop sequences")                                      \
    X(CACHE_POINTS, "cache_points", "takes cachePoint blocks")                                                                          \
    X(ONE_TEXT, "one_text", "embeds one text a request")                                                                                \
    X(EMBED_CONTENT, "embed_content", "embeds by embedContent, where its host's other models are asked for predictions")

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

/* Sets of them, as rows name them. */
enum {
    LLMFI_QUIRK_SETS = 0
#define LLMF_QUIRK_SET(NAME, a, b, c, d) , LLMFI_QUIRKS_##NAME = LLMFI_Q_##a | LLMFI_Q_##b | LLMFI_Q_##c | LLMFI_Q_##d
#include "../models.def"
};

/* Those that can be met in this build: all, where a config may set them; else what its rows have. Code for the others falls away. */
#if LLMF_HAS_CONFIG
#define LLMFI_QUIRKS_MET 0xffffffffu
#else
enum {
    LLMFI_QUIRKS_OF_PROVIDERS = 0
#define LLMF_PROVIDER(ID, name, aliases, dialect, url, auth, keys, model, max, version, embedding, batch, quirks) LLMFI_KEEP(LLMF_HAS_##ID, | LLMFI_QUIRKS_##quirks)
#include "../models.def"
    , LLMFI_QUIRKS_OF_FAMILIES = 0
#define LLMF_FAMILY(PROVIDER, prefix, quirks) LLMFI_KEEP(LLMF_HAS_##PROVIDER, | LLMFI_QUIRKS_##quirks)
#include "../models.def"
    , LLMFI_QUIRKS_OF_MODELS = 0
#if LLMF_HAS_MODELS
#define LLMF_MODEL(PROVIDER, id, context, max_output, in, out, read, write_5m, write_1h, capabilities, quirks, checked, ends) \
    LLMFI_KEEP(LLMF_HAS_##PROVIDER, | LLMFI_QUIRKS_##quirks)
#include "../models.def"
#endif
};
#define LLMFI_QUIRKS_MET (uint32_t)(LLMFI_QUIRKS_OF_PROVIDERS | LLMFI_QUIRKS_OF_FAMILIES | LLMFI_QUIRKS_OF_MODELS)
#endif

/* What a model's name stands for, all sources merged. Filled by the factory; texts live as long as the config generation it is part of. */
typedef struct llmfi_settings {
    uint32_t quirks;                         /* LLMFI_Q_…; in front, as it is asked most */
    llmf_str name, provider, model_id, base_url, api_version, deployment, region, description;
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
    struct llmfi_job *job;                 /* of another operation than chat: see operation.h; NULL */
} llmfi_ask;

/* Why a request cannot be sent; text in words, what to do included. */
typedef struct llmfi_refusal {
    int code;                                /* llmf_result; LLMF_OK: it can */
    char text[256];
} llmfi_refusal;

/* Besides LLMF_FRAMING_…: application/vnd.amazon.eventstream. The frame's `event` is its :event-type; exceptions and errors never come to the adapter. */
enum { LLMFI_FRAMING_EVENTSTREAM = 64 };

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
