/* What a model's name stands for once all sources are merged, what a provider is, and the one table of the keys that config files set them by. */
#ifndef LLMFI_FACTORY_RECORD_H
#define LLMFI_FACTORY_RECORD_H
#include "../base/num.h"
#include "tables.h"

/* Pico-dollars a token; LLMF_UNKNOWN. */
typedef struct llmfi_price {
    int64_t input, output, cache_read, cache_write, cache_write_1h;
} llmfi_price;

/* Of a config entry; empty where it has none. */
typedef struct llmfi_aws_entry {
    llmf_str id, secret, token, profile;
} llmfi_aws_entry;

/* Texts live as long as the config generation. */
typedef struct llmfi_provider {
    llmf_str name, dialect, base_url, key_variables, default_model, api_version, embedding_model, region, account, resource, description;
    llmf_str api_key, api_key_env_var, api_key_secret; /* of its config entry */
    llmfi_aws_entry aws;
    int auth;                                /* LLMFI_AUTH_… */
    const llmfi_node *own_auth;              /* {header, prefix}: how the key goes out instead; NULL */
    uint32_t quirks;                         /* LLMFI_Q_… */
    int64_t default_max_tokens;              /* 0: the provider demands none */
    int64_t embedding_batch;                 /* texts in one request; 0: it embeds nothing */
    int64_t rpm, tpm;                        /* of all its models together; 0: not set */
    llmf_retry retry;
    const llmfi_node *key_list;              /* array of texts: variables of several keys; NULL */
    const llmfi_node *headers;               /* object of texts; NULL */
    const llmfi_node *node;                  /* its config entry; NULL */
    llmf_timeouts timeouts;
    int row;                                 /* of llmfi_provider_rows; -1 */
    bool built;
    bool from_config;                        /* a file, or llmf_register, speaks of it */
    llmf_str api_key_file, api_key_command;  /* of its config entry; empty */
#if LLMF_HAS_CONFIG
    llmf_str own_url;                        /* its base URL before any file spoke of it: whose keys the variables are. See origin.h */
#endif
    struct llmfi_provider *next;
} llmfi_provider;

typedef struct llmfi_record {
    llmfi_settings s;
    const llmfi_provider *provider;
    llmf_str api_key, api_key_env_var, api_key_secret; /* of its config entry; empty */
    llmfi_aws_entry aws;
    llmf_str reasoning, prompt_prefix, prompt_suffix, embedding_model;
    llmf_str account, resource;
    double temperature, top_p;               /* 0: not set; LLMF_ZERO: 0 */
    int64_t max_tokens;                      /* 0: not set */
    int64_t rpm, tpm;                        /* 0: not set */
    llmf_retry retry;                        /* its provider's where it says nothing */
    int64_t budget_pico;                     /* -1: not set */
    double weight;                           /* 0: not set; LLMF_ZERO: 0 */
    const llmfi_node *stop, *fallbacks, *key_list; /* arrays of texts; NULL */
    const llmfi_node *headers;               /* object of texts, besides the provider's; NULL */
    const llmfi_node *use_cases;             /* array of texts; NULL */
    const llmfi_node *quality;               /* a number, or an object of them by use case; NULL */
    const llmfi_node *node;                  /* the whole entry; NULL where the name is no key of the config */
    llmf_timeouts timeouts;
    llmfi_price price;
    const llmfi_tier_row *tier;              /* prices of longer prompts, those of still longer ones behind it; NULL */
    uint32_t capabilities;                   /* LLMF_CAN_… */
    int32_t ends, checked;                   /* yyyymmdd; 0: not known */
    bool from_config, from_table;
    llmf_str api_key_file, api_key_command;  /* of its config entry; empty */
} llmfi_record;

/* Results that another model might do better with, a bit for each (llmf_retry.fallback_on); all of them are `any`. */
#define LLMFI_CAUSE(code) (INT64_C(1) << LLMF_ERR_##code)
#define LLMFI_CAUSES_SERVER (LLMFI_CAUSE(OVERLOADED) | LLMFI_CAUSE(SERVER) | LLMFI_CAUSE(NETWORK) | LLMFI_CAUSE(TLS) | LLMFI_CAUSE(PROTOCOL) | LLMFI_CAUSE(TRUNCATED))
#define LLMFI_CAUSES_AUTH (LLMFI_CAUSE(AUTH) | LLMFI_CAUSE(PERMISSION))
#define LLMFI_CAUSES_REQUEST (LLMFI_CAUSE(BAD_REQUEST) | LLMFI_CAUSE(UNSUPPORTED))
#define LLMFI_CAUSES_ANY                                                                                                                                          \
    (LLMFI_CAUSES_SERVER | LLMFI_CAUSES_AUTH | LLMFI_CAUSES_REQUEST | LLMFI_CAUSE(RATE_LIMIT) | LLMFI_CAUSE(QUOTA) | LLMFI_CAUSE(CONTEXT_LENGTH) |              \
     LLMFI_CAUSE(CONTENT_FILTER) | LLMFI_CAUSE(TIMEOUT) | LLMFI_CAUSE(NOT_FOUND) | LLMFI_CAUSE(CONFIG) | LLMFI_CAUSE(NOT_BUILT))

/* The price of a call with that many input tokens; below 0: not known how many. */
LLMFI_UNUSED static llmfi_price llmfi_record_price(const llmfi_record *r, int64_t input_tokens) {
    llmfi_price price = r->price;
    const llmfi_tier_row *tier;
    for (tier = r->tier; tier && input_tokens > tier->above; tier = llmfi_next_tier_row(tier)) {
        price.input = tier->input;
        price.output = tier->output;
        price.cache_read = tier->cache_read;
        price.cache_write = tier->cache_write;
        price.cache_write_1h = LLMF_UNKNOWN;
    }
    return price;
}

#if LLMF_HAS_CONFIG

/* ---- keys ---- */

enum {
    LLMFI_KEY_TEXT,                          /* llmf_str */
    LLMFI_KEY_SECRET,                        /* llmf_str; a warning where it stands in the file as it is */
    LLMFI_KEY_VARIABLE,                      /* llmf_str: a variable's name */
    LLMFI_KEY_URL,                           /* llmf_str */
    LLMFI_KEY_PATH,                          /* llmf_str: "/…" */
    LLMFI_KEY_REASONING,                     /* llmf_str: a word, or "N tokens" */
    LLMFI_KEY_DIALECT,                       /* llmf_str */
    LLMFI_KEY_AUTH,                          /* int, and own_auth of the provider, the one place that it goes to */
    LLMFI_KEY_INTEGER,                       /* int64_t */
    LLMFI_KEY_COUNT,                         /* the same; 0 becomes -1: none */
    LLMFI_KEY_NUMBER,                        /* double; 0 becomes LLMF_ZERO */
    LLMFI_KEY_PRICE,                         /* int64_t: USD per million -> pico-dollars a token */
    LLMFI_KEY_USD,                           /* int64_t: USD -> pico-dollars */
    LLMFI_KEY_TIME,                          /* int64_t: milliseconds; -1: none */
    LLMFI_KEY_TEXTS,                         /* node: an array of texts */
    LLMFI_KEY_NAMES,                         /* the same, of names that must resolve */
    LLMFI_KEY_VARIABLES,                     /* node: an array of names of variables */
    LLMFI_KEY_CAUSES,                        /* int64_t: a bit for each llmf_result */
    LLMFI_KEY_HEADERS,                       /* node: an object of texts */
    LLMFI_KEY_OBJECT,                        /* node */
    LLMFI_KEY_QUALITY,                       /* node: a number, or an object of them by use case */
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
    float least, most;
#ifdef LLMFI_WANTS_WHAT
    const char *what;                        /* for people: tools/schema.c writes it into the schema; no library carries it */
#endif
} llmfi_key;

/* What a key is for: the last of each row. */
#ifdef LLMFI_WANTS_WHAT
#define LLMFI_WHAT(text) text
#else
#define LLMFI_WHAT(text)
#endif

#define LLMFI_MAX_NUMBER 9007199254740992.0f /* 2^53 */
#define LLMFI_IN_M(f) (uint16_t) offsetof(llmfi_record, f), LLMFI_KEY_NONE
#define LLMFI_IN_P(f) LLMFI_KEY_NONE, (uint16_t)offsetof(llmfi_provider, f)
#define LLMFI_IN(m, p) (uint16_t) offsetof(llmfi_record, m), (uint16_t)offsetof(llmfi_provider, p)

static const llmfi_key llmfi_keys[] = {
    {"name", LLMFI_KEY_TEXT, LLMFI_KEY_APART, LLMFI_KEY_NONE, 0, 0, LLMFI_WHAT("another name for the entry")},
    {"provider", LLMFI_KEY_PROVIDER, LLMFI_KEY_APART, LLMFI_KEY_NONE, 0, 0, LLMFI_WHAT("a provider's name or alias")},
    {"model_id", LLMFI_KEY_MODEL, LLMFI_KEY_APART, LLMFI_KEY_NONE, 0, 0, LLMFI_WHAT("the provider's id of the model")},
    {"description", LLMFI_KEY_TEXT, LLMFI_IN(s.description, description), 0, 0, LLMFI_WHAT("for people")},
    {"dialect", LLMFI_KEY_DIALECT, LLMFI_IN_P(dialect), 0, 0, LLMFI_WHAT("how the host speaks: openai, anthropic, ollama, ...")},
    {"auth", LLMFI_KEY_AUTH, LLMFI_IN_P(auth), 0, 0, LLMFI_WHAT("how the key goes out: bearer, x-api-key, api-key, ..., or {header: X-Key, prefix: \"Token \"}")},
    {"base_url", LLMFI_KEY_URL, LLMFI_IN(s.base_url, base_url), 0, 0, LLMFI_WHAT("the address before the operation's path")},
    {"models_path", LLMFI_KEY_PATH, LLMFI_KEY_NONE, LLMFI_KEY_APART, 0, 0, LLMFI_WHAT("the path of the list of models behind base_url, where it is not the dialect's")},
    {"api_version", LLMFI_KEY_TEXT, LLMFI_IN(s.api_version, api_version), 0, 0, LLMFI_WHAT("the provider's API version")},
    {"deployment", LLMFI_KEY_TEXT, LLMFI_IN_M(s.deployment), 0, 0, LLMFI_WHAT("Azure's name of the model")},
    {"region_name", LLMFI_KEY_TEXT, LLMFI_IN(s.region, region), 0, 0, LLMFI_WHAT("the cloud's region")},
    {"account", LLMFI_KEY_TEXT, LLMFI_IN(account, account), 0, 0, LLMFI_WHAT("for {account} in base_url")},
    {"resource", LLMFI_KEY_TEXT, LLMFI_IN(resource, resource), 0, 0, LLMFI_WHAT("for {resource} in base_url")},
    {"headers", LLMFI_KEY_HEADERS, LLMFI_IN(headers, headers), 0, 0, LLMFI_WHAT("request headers, by name")},
    {"api_key", LLMFI_KEY_SECRET, LLMFI_IN(api_key, api_key), 0, 0, LLMFI_WHAT("the key itself: better in a variable")},
    {"api_key_env_var", LLMFI_KEY_VARIABLE, LLMFI_IN(api_key_env_var, api_key_env_var), 0, 0, LLMFI_WHAT("the variable that holds the key")},
    {"api_key_env_vars", LLMFI_KEY_VARIABLES, LLMFI_IN(key_list, key_list), 0, 0, LLMFI_WHAT("variables of several keys, used in turn")},
    {"api_key_secret_name", LLMFI_KEY_TEXT, LLMFI_IN(api_key_secret, api_key_secret), 0, 0, LLMFI_WHAT("the key's name in a secret store")},
    {"api_key_file", LLMFI_KEY_TEXT, LLMFI_IN(api_key_file, api_key_file), 0, 0, LLMFI_WHAT("a file that holds the key, and nothing else")},
    {"api_key_command", LLMFI_KEY_TEXT, LLMFI_IN(api_key_command, api_key_command), 0, 0, LLMFI_WHAT("a command that prints the key")},
    {"aws_access_key_id", LLMFI_KEY_SECRET, LLMFI_IN(aws.id, aws.id), 0, 0, LLMFI_WHAT("AWS: keys to sign with; better in variables, or a profile")},
    {"aws_secret_access_key", LLMFI_KEY_SECRET, LLMFI_IN(aws.secret, aws.secret), 0, 0, LLMFI_WHAT("the secret one of them")},
    {"aws_session_token", LLMFI_KEY_SECRET, LLMFI_IN(aws.token, aws.token), 0, 0, LLMFI_WHAT("of keys that end")},
    {"aws_profile", LLMFI_KEY_TEXT, LLMFI_IN(aws.profile, aws.profile), 0, 0, LLMFI_WHAT("of ~/.aws/config and ~/.aws/credentials")},
    {"default_model", LLMFI_KEY_TEXT, LLMFI_IN_P(default_model), 0, 0, LLMFI_WHAT("where a name says only the provider")},
    {"default_max_tokens", LLMFI_KEY_INTEGER, LLMFI_IN_P(default_max_tokens), 1, LLMFI_MAX_NUMBER, LLMFI_WHAT("where the provider demands a limit")},
    {"embedding_model", LLMFI_KEY_TEXT, LLMFI_IN(embedding_model, embedding_model), 0, 0, LLMFI_WHAT("the model for embeddings")},
    {"embedding_batch", LLMFI_KEY_INTEGER, LLMFI_IN_P(embedding_batch), 0, 1000000, LLMFI_WHAT("texts in one embedding request")},
    {"quirks", LLMFI_KEY_QUIRKS, LLMFI_IN(s.quirks, quirks), 0, 0, LLMFI_WHAT("what differs from the dialect: {name: true}")},
    {"capabilities", LLMFI_KEY_CAN, LLMFI_IN_M(capabilities), 0, 0, LLMFI_WHAT("tools images audio files reasoning schema embeddings transcription")},
    {"input_token_cost_usd_per_million", LLMFI_KEY_PRICE, LLMFI_IN_M(price.input), 0, 2e6, LLMFI_WHAT("US dollars per million input tokens")},
    {"output_token_cost_usd_per_million", LLMFI_KEY_PRICE, LLMFI_IN_M(price.output), 0, 2e6, LLMFI_WHAT("US dollars per million output tokens")},
    {"cache_read_token_cost_usd_per_million", LLMFI_KEY_PRICE, LLMFI_IN_M(price.cache_read), 0, 2e6, LLMFI_WHAT("US dollars per million tokens read from the cache")},
    {"cache_write_token_cost_usd_per_million", LLMFI_KEY_PRICE, LLMFI_IN_M(price.cache_write), 0, 2e6, LLMFI_WHAT("US dollars per million tokens written to the cache, to be kept for five minutes")},
    {"cache_write_1h_token_cost_usd_per_million", LLMFI_KEY_PRICE, LLMFI_IN_M(price.cache_write_1h), 0, 2e6, LLMFI_WHAT("the same of those that are kept for an hour")},
    {"cache_read_input_token_cost_usd_per_million", LLMFI_KEY_PRICE, LLMFI_IN_M(price.cache_read), 0, 2e6, LLMFI_WHAT("the same as cache_read_token_cost_usd_per_million")},
    {"cache_write_input_token_cost_usd_per_million", LLMFI_KEY_PRICE, LLMFI_IN_M(price.cache_write), 0, 2e6, LLMFI_WHAT("the same as cache_write_token_cost_usd_per_million")},
    {"max_tokens", LLMFI_KEY_INTEGER, LLMFI_IN_M(max_tokens), 1, LLMFI_MAX_NUMBER, LLMFI_WHAT("of an answer")},
    {"context_window", LLMFI_KEY_INTEGER, LLMFI_IN_M(s.context_window), 1, LLMFI_MAX_NUMBER, LLMFI_WHAT("tokens of prompt and answer")},
    {"max_output_tokens", LLMFI_KEY_INTEGER, LLMFI_IN_M(s.max_output), 1, LLMFI_MAX_NUMBER, LLMFI_WHAT("the most that the model can answer")},
    {"num_ctx", LLMFI_KEY_INTEGER, LLMFI_IN_M(s.num_ctx), 1, LLMFI_MAX_NUMBER, LLMFI_WHAT("Ollama: the window to load the model with")},
    {"temperature", LLMFI_KEY_NUMBER, LLMFI_IN_M(temperature), 0, 2, LLMFI_WHAT("0 to 2")},
    {"top_p", LLMFI_KEY_NUMBER, LLMFI_IN_M(top_p), 0, 1, LLMFI_WHAT("0 to 1")},
    {"stop", LLMFI_KEY_TEXTS, LLMFI_IN_M(stop), 0, 0, LLMFI_WHAT("one text or a list")},
    {"reasoning_effort", LLMFI_KEY_REASONING, LLMFI_IN_M(reasoning), 1, 1e9, LLMFI_WHAT("none minimal low medium high xhigh max, or a number of tokens")},
    {"prompt_prefix", LLMFI_KEY_TEXT, LLMFI_IN_M(prompt_prefix), 0, 0, LLMFI_WHAT("before the newest user message")},
    {"prompt_suffix", LLMFI_KEY_TEXT, LLMFI_IN_M(prompt_suffix), 0, 0, LLMFI_WHAT("behind it")},
    {"extra", LLMFI_KEY_OBJECT, LLMFI_IN_M(s.extra), 0, 0, LLMFI_WHAT("members laid into the request's body")},
    {"fallbacks", LLMFI_KEY_NAMES, LLMFI_IN_M(fallbacks), 0, 0, LLMFI_WHAT("names to try next")},
    {"timeout", LLMFI_KEY_TIME, LLMFI_IN(timeouts.total_ms, timeouts.total_ms), 0, 0, LLMFI_WHAT("the same as timeout_total")},
    {"timeout_connect", LLMFI_KEY_TIME, LLMFI_IN(timeouts.connect_ms, timeouts.connect_ms), 0, 0, LLMFI_WHAT("until the connection stands: 30s, 500ms, 2m, none; a bare number is seconds")},
    {"timeout_first_byte", LLMFI_KEY_TIME, LLMFI_IN(timeouts.first_byte_ms, timeouts.first_byte_ms), 0, 0, LLMFI_WHAT("until something comes")},
    {"timeout_first_content", LLMFI_KEY_TIME, LLMFI_IN(timeouts.first_content_ms, timeouts.first_content_ms), 0, 0, LLMFI_WHAT("until the first content comes")},
    {"timeout_idle", LLMFI_KEY_TIME, LLMFI_IN(timeouts.idle_ms, timeouts.idle_ms), 0, 0, LLMFI_WHAT("between two pieces of content")},
    {"timeout_total", LLMFI_KEY_TIME, LLMFI_IN(timeouts.total_ms, timeouts.total_ms), 0, 0, LLMFI_WHAT("of the whole call")},
    {"max_retries", LLMFI_KEY_COUNT, LLMFI_IN(retry.max_retries, retry.max_retries), 0, 10000, LLMFI_WHAT("how often a call that failed is repeated")},
    {"retry_delay", LLMFI_KEY_TIME, LLMFI_IN(retry.delay_ms, retry.delay_ms), 0, 0, LLMFI_WHAT("before the first repeat; doubled before each further one")},
    {"retry_min_delay", LLMFI_KEY_TIME, LLMFI_IN(retry.min_delay_ms, retry.min_delay_ms), 0, 0, LLMFI_WHAT("no such wait is shorter")},
    {"retry_max_delay", LLMFI_KEY_TIME, LLMFI_IN(retry.max_delay_ms, retry.max_delay_ms), 0, 0, LLMFI_WHAT("nor longer")},
    {"retry_jitter", LLMFI_KEY_COUNT, LLMFI_IN(retry.jitter, retry.jitter), 0, 100, LLMFI_WHAT("percent of the wait that is chance; 0: none")},
    {"retry_max_wait", LLMFI_KEY_TIME, LLMFI_IN(retry.max_wait_ms, retry.max_wait_ms), 0, 0, LLMFI_WHAT("the longest that a provider may ask to wait")},
    {"fallback_on", LLMFI_KEY_CAUSES, LLMFI_IN(retry.fallback_on, retry.fallback_on), 0, 0, LLMFI_WHAT("any, or of: rate_limit quota context_length content_filter timeout server auth not_found bad_request")},
    {"cooldown", LLMFI_KEY_TIME, LLMFI_IN(retry.cooldown_ms, retry.cooldown_ms), 0, 0, LLMFI_WHAT("how long a model whose quota is exceeded is not asked, where its provider does not say")},
    {"breaker_failures", LLMFI_KEY_COUNT, LLMFI_IN(retry.breaker_failures, retry.breaker_failures), 0, 1000000, LLMFI_WHAT("failures in a row after which it is not asked for a while; 0: never")},
    {"breaker_time", LLMFI_KEY_TIME, LLMFI_IN(retry.breaker_ms, retry.breaker_ms), 0, 0, LLMFI_WHAT("how long that is")},
    {"max_concurrent", LLMFI_KEY_INTEGER, LLMFI_IN(retry.max_concurrent, retry.max_concurrent), 1, LLMFI_MAX_NUMBER, LLMFI_WHAT("calls under way at once")},
    {"hedge_after", LLMFI_KEY_TIME, LLMFI_IN(retry.hedge_ms, retry.hedge_ms), 0, 0, LLMFI_WHAT("without content by then, the next of the chain is asked too")},
    {"min_bytes_per_second", LLMFI_KEY_INTEGER, LLMFI_IN(retry.min_bytes_per_s, retry.min_bytes_per_s), 1, LLMFI_MAX_NUMBER, LLMFI_WHAT("of a stream: a slower one is a timeout")},
    {"timeout_queue", LLMFI_KEY_TIME, LLMFI_IN(timeouts.queue_ms, timeouts.queue_ms), 0, 0, LLMFI_WHAT("until its limits have room")},
    {"rpm", LLMFI_KEY_INTEGER, LLMFI_IN(rpm, rpm), 1, LLMFI_MAX_NUMBER, LLMFI_WHAT("requests a minute")},
    {"tpm", LLMFI_KEY_INTEGER, LLMFI_IN(tpm, tpm), 1, LLMFI_MAX_NUMBER, LLMFI_WHAT("tokens a minute")},
    {"weight", LLMFI_KEY_NUMBER, LLMFI_IN_M(weight), 0, 1e6, LLMFI_WHAT("share among the routes")},
    {"budget_usd", LLMFI_KEY_USD, LLMFI_IN_M(budget_pico), 0, 9e6, LLMFI_WHAT("the most to spend")},
    {"use_cases", LLMFI_KEY_TEXTS, LLMFI_IN_M(use_cases), 0, 0, LLMFI_WHAT("routes: the tasks that it is for; none: all")},
    {"quality", LLMFI_KEY_QUALITY, LLMFI_IN_M(quality), 0, 1, LLMFI_WHAT("routes: 0 to 1, or {code: 0.9, default: 0.5} by use case")},
};

/* Which kind of entry a key stands in. */
enum { LLMFI_OF_MODEL, LLMFI_OF_PROVIDER };

static uint16_t llmfi_key_place(const llmfi_key *key, int of) {
    return of == LLMFI_OF_MODEL ? key->model : key->provider;
}

/* The key of this name in that kind of entry, or NULL. */
LLMFI_UNUSED static const llmfi_key *llmfi_find_key(llmf_str name, int of) {
    const llmfi_key *key;
    for (key = llmfi_keys; name.len && key < llmfi_keys + LLMFI_COUNT(llmfi_keys); key++) {
        if (key->name[0] != name.ptr[0] || !llmfi_eq(name, llmfi_cstr(key->name))) continue; /* most differ in their first letter */
        return llmfi_key_place(key, of) != LLMFI_KEY_NONE ? key : NULL;
    }
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

/* What the words of the key `fallback_on` stand for. */
LLMFI_UNUSED static int64_t llmfi_cause(llmf_str word) {
    static const struct {
        const char *word;
        int64_t causes;
    } words[] = {{"any", LLMFI_CAUSES_ANY}, {"rate_limit", LLMFI_CAUSE(RATE_LIMIT)}, {"quota", LLMFI_CAUSE(QUOTA)}, {"context_length", LLMFI_CAUSE(CONTEXT_LENGTH)},
                 {"content_filter", LLMFI_CAUSE(CONTENT_FILTER)}, {"timeout", LLMFI_CAUSE(TIMEOUT)}, {"server", LLMFI_CAUSES_SERVER}, {"auth", LLMFI_CAUSES_AUTH},
                 {"not_found", LLMFI_CAUSE(NOT_FOUND)}, {"bad_request", LLMFI_CAUSES_REQUEST}};
    size_t i;
    for (i = 0; i < LLMFI_COUNT(words); i++)
        if (llmfi_eq(word, llmfi_cstr(words[i].word))) return words[i].causes;
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

/* A header of the host's own is a key all the same: what is said of bearer keys holds for it. */
static void llmfi_apply_auth(const llmfi_node *n, llmfi_provider *p) {
    p->own_auth = n->type == LLMFI_OBJECT ? n : NULL;
    p->auth = p->own_auth ? LLMFI_AUTH_BEARER : llmfi_find_auth(n->text);
}

/* Writes one checked value to where its key says. Null takes nothing away: it leaves what an earlier source gave. */
static void llmfi_apply_value(const llmfi_key *key, const llmfi_node *n, char *to) {
    const llmfi_node *item;
    switch (key->type) {
    case LLMFI_KEY_TEXT: case LLMFI_KEY_SECRET: case LLMFI_KEY_VARIABLE: case LLMFI_KEY_URL: case LLMFI_KEY_PATH: case LLMFI_KEY_REASONING: case LLMFI_KEY_DIALECT:
        *(llmf_str *)(void *)to = n->text;
        break;
    case LLMFI_KEY_AUTH: llmfi_apply_auth(n, (llmfi_provider *)(void *)(to - offsetof(llmfi_provider, auth))); break;
    case LLMFI_KEY_INTEGER: llmfi_parse_whole(n->text, (int64_t *)(void *)to); break;
    case LLMFI_KEY_COUNT:
        llmfi_parse_whole(n->text, (int64_t *)(void *)to);
        if (*(int64_t *)(void *)to == 0) *(int64_t *)(void *)to = -1;
        break;
    case LLMFI_KEY_NUMBER: llmfi_apply_number(n, (double *)(void *)to); break;
    case LLMFI_KEY_PRICE: llmfi_parse_pico(n->text, (int64_t *)(void *)to); break;
    case LLMFI_KEY_USD: llmfi_parse_fixed(n->text, 12, (int64_t *)(void *)to); break;
    case LLMFI_KEY_TIME: llmfi_parse_time(n->text, (int64_t *)(void *)to); break;
    case LLMFI_KEY_QUIRKS: llmfi_apply_quirks(n, (uint32_t *)(void *)to); break;
    case LLMFI_KEY_CAN:
        *(uint32_t *)(void *)to = 0;
        for (item = n->child; item; item = item->next) *(uint32_t *)(void *)to |= llmfi_capability(item->text);
        break;
    case LLMFI_KEY_CAUSES:
        *(int64_t *)(void *)to = 0;
        for (item = n->child; item; item = item->next) *(int64_t *)(void *)to |= llmfi_cause(item->text);
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
#endif
