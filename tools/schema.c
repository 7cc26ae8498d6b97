/* schema: docs/config.schema.json, the JSON Schema (2020-12) of config files, from the very table that the library checks them by.
     schema            prints it
     schema FILE       writes FILE
     schema --check FILE   says whether FILE is what would be written, and how to mend it */
#define LLMFI_WANTS_WHAT 1
#define LLMFACTORY_IMPLEMENTATION
#define LLMF_NO_CURL 1
#include "../llmfactory.h"
#include <stdio.h>
#include <stdlib.h>

static char text[1 << 17];
static size_t used;

static void put(const char *s) {
    size_t len = strlen(s);
    if (used + len >= sizeof text) {
        fputs("schema: the schema has outgrown its room: enlarge `text` in tools/schema.c\n", stderr);
        exit(1);
    }
    memcpy(text + used, s, len + 1);
    used += len;
}

static void put_string(const char *s) {
    char one[3] = {0, 0, 0};
    put("\"");
    for (; *s; s++) {
        one[0] = *s;
        one[1] = '\0';
        if (*s == '"' || *s == '\\') {
            one[0] = '\\';
            one[1] = *s;
        }
        put(one);
    }
    put("\"");
}

static void put_number(double n) {
    char digits[32];
    snprintf(digits, sizeof digits, "%.17g", n);
    put(digits);
}

/* ---- words ---- */

/* Words that end with NUL, the last of them empty, as an array's members. */
static void put_words(const char *words) {
    const char *word;
    put("[");
    for (word = words; *word; word += strlen(word) + 1) {
        if (word != words) put(", ");
        put_string(word);
    }
    put("]");
}

/* A pattern for any of the words, letters without case. */
static void put_any_case(const char *words) {
    const char *word, *at;
    char one[8];
    put("\"^(");
    for (word = words; *word; word += strlen(word) + 1) {
        if (word != words) put("|");
        for (at = word; *at; at++) {
            if (*at >= 'a' && *at <= 'z') snprintf(one, sizeof one, "[%c%c]", *at, *at - ('a' - 'A'));
            else snprintf(one, sizeof one, "%c", *at);
            put(one);
        }
    }
    put(")$\"");
}

static void put_providers(void) {
    static char words[8192];
    size_t i, len = 0;
    for (i = 0; i < LLMFI_P_COUNT; i++) {
        size_t n = strlen(llmfi_provider_rows[i].name) + 1;
        if (len + n + 1 > sizeof words) break;
        memcpy(words + len, llmfi_provider_rows[i].name, n);
        len += n;
    }
    words[len] = '\0';
    put_words(words);
}

/* ---- forms of values ---- */

#define VARIABLE "{\"$ref\": \"#/$defs/variable\"}"
#define NOTHING "{\"type\": \"null\"}"
#define NO_NUL "\"pattern\": \"^[^\\\\u0000]*$\""
#define FILLED "\"pattern\": \"^[^\\\\u0000-\\\\u0020\\\\u007f]([^\\\\u0000-\\\\u001f\\\\u007f]*[^\\\\u0000-\\\\u0020\\\\u007f])?$\""
#define ID "\"pattern\": \"^[^ \\\\t\\\\r\\\\n\\\\u0000]([^\\\\u0000]*[^ \\\\t\\\\r\\\\n\\\\u0000])?$\""
#define SECRET "\"pattern\": \"^[^\\\\u0000-\\\\u0020\\\\u007f]([^\\\\u0000-\\\\u0008\\\\u000a-\\\\u001f\\\\u007f]*[^\\\\u0000-\\\\u0020\\\\u007f])?$\""
#define URL "\"pattern\": \"^([Hh][Tt][Tt][Pp][Ss]?|[Mm][Oo][Cc][Kk])://(\\\\[[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*\\\\]|([A-Za-z0-9._~-]|\\\\{[^{}]*\\\\})+)(:[0-9]{1,5})?([/?]([!-\\\"$-z|~]|\\\\{[^{}]*\\\\})*)?$\", \"maxLength\": 1023"
#define NAMED "\"^[^\\\\u0000-\\\\u0020\\\\u007f]([^\\\\u0000-\\\\u001f\\\\u007f]*[^\\\\u0000-\\\\u0020\\\\u007f])?$\""

static void put_range(const llmfi_key *key, const char *type) {
    put("\"anyOf\": [{\"type\": \"");
    put(type);
    put("\", \"minimum\": ");
    put_number((double)key->least);
    put(", \"maximum\": ");
    put_number((double)key->most);
    put("}, " VARIABLE ", " NOTHING "]");
}

/* One of them or a list of them. */
static void put_some(const char *one) {
    put("\"anyOf\": [{\"type\": \"array\", \"items\": ");
    put(one);
    put("}, ");
    put(one);
    put(", " NOTHING "]");
}

static void put_some_words(const char *name) {
    char ref[64];
    snprintf(ref, sizeof ref, "{\"$ref\": \"#/$defs/%s\"}", name);
    put_some(ref);
}

static void put_quirks(void) {
#define QUIRK(id, name, what) put(", \"" name "\": {\"description\": "), put_string(what), put(", \"type\": \"boolean\"}");
    size_t from;
    put("\"anyOf\": [{\"type\": \"object\", \"properties\": {");
    from = used;
    LLMFI_QUIRKS(QUIRK)
    memmove(text + from, text + from + 2, used - from - 1); /* the first has no comma before it */
    used -= 2;
    put("}, \"additionalProperties\": false}, {\"type\": \"array\", \"items\": {\"$ref\": \"#/$defs/quirk\"}}, {\"$ref\": \"#/$defs/quirk\"}, " NOTHING "]");
}

static void put_headers(void) {
    put("\"type\": [\"object\", \"null\"], \"propertyNames\": {\"type\": \"string\", \"pattern\": \"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$\", \"not\": {\"type\": \"string\", \"pattern\": ");
    put_any_case("host\0content-length\0content-type\0transfer-encoding\0connection\0");
    put("}}, \"additionalProperties\": {\"type\": \"string\", \"pattern\": \"^[^\\\\u0000-\\\\u0008\\\\u000a-\\\\u001f\\\\u007f]*$\"}");
}

static void put_form(const llmfi_key *key) {
    switch (key->type) {
    case LLMFI_KEY_TEXT:
        put(key->model == LLMFI_KEY_APART ? "\"type\": [\"string\", \"null\"], " FILLED : "\"type\": [\"string\", \"null\"], " NO_NUL);
        break;
    case LLMFI_KEY_SECRET: put("\"type\": [\"string\", \"null\"], " SECRET); break;
    case LLMFI_KEY_MODEL: put("\"type\": [\"string\", \"null\"], " ID); break;
    case LLMFI_KEY_PROVIDER:
        put("\"type\": [\"string\", \"null\"], " FILLED ", \"examples\": ");
        put_providers();
        break;
    case LLMFI_KEY_DIALECT:
        put("\"type\": [\"string\", \"null\"], " FILLED ", \"examples\": ");
        put_words(llmfi_dialect_names);
        break;
    case LLMFI_KEY_VARIABLE: put("\"anyOf\": [{\"$ref\": \"#/$defs/name_of_variable\"}, " NOTHING "]"); break;
    case LLMFI_KEY_VARIABLES: put_some_words("name_of_variable"); break;
    case LLMFI_KEY_URL:
        put("\"anyOf\": [{\"type\": \"string\", " URL "}, " VARIABLE ", " NOTHING "]");
        break;
    case LLMFI_KEY_PATH: put("\"anyOf\": [{\"type\": \"string\", \"pattern\": \"^/[!\\\"$-~]*$\"}, " VARIABLE ", " NOTHING "]"); break;
    case LLMFI_KEY_REASONING: put("\"$ref\": \"#/$defs/reasoning\""); break;
    case LLMFI_KEY_AUTH:
        put("\"anyOf\": [{\"enum\": ");
        put_words(llmfi_auth_names);
        put("}, {\"type\": \"string\", \"pattern\": ");
        put_any_case(llmfi_auth_names);
        put("}, {\"type\": \"object\", \"properties\": {\"header\": {\"description\": \"the header that holds the key\", \"type\": \"string\", \"pattern\": \"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$\"}, "
            "\"prefix\": {\"description\": \"what stands before it there\", \"type\": [\"string\", \"null\"]}}, \"required\": [\"header\"], \"additionalProperties\": false}, " VARIABLE ", " NOTHING "]");
        break;
    case LLMFI_KEY_INTEGER: case LLMFI_KEY_COUNT: put_range(key, "integer"); break;
    case LLMFI_KEY_NUMBER: case LLMFI_KEY_PRICE: case LLMFI_KEY_USD: put_range(key, "number"); break;
    case LLMFI_KEY_TIME: put("\"$ref\": \"#/$defs/time\""); break;
    case LLMFI_KEY_TEXTS: case LLMFI_KEY_NAMES: put_some_words("filled"); break;
    case LLMFI_KEY_CAUSES: put_some_words("cause"); break;
    case LLMFI_KEY_CAN: put_some_words("capability"); break;
    case LLMFI_KEY_HEADERS: put_headers(); break;
    case LLMFI_KEY_OBJECT: put("\"type\": [\"object\", \"null\"]"); break;
    case LLMFI_KEY_QUALITY: put("\"$ref\": \"#/$defs/quality\""); break;
    case LLMFI_KEY_QUIRKS: put_quirks(); break;
    default: fprintf(stderr, "schema: the key %s is of a type that tools/schema.c does not know: add it to put_form\n", key->name), exit(1);
    }
}

/* ---- entries ---- */

static void put_own_form(const char *of, const llmfi_key *key);

static void put_key(const char *of, const llmfi_key *key, const char *comma) {
    if (!key->what[0]) fprintf(stderr, "schema: the key %s says nothing of itself: give its row a LLMFI_WHAT\n", key->name), exit(1);
    put(comma);
    put("\n        ");
    put_string(key->name);
    put(": {\"description\": ");
    put_string(key->what);
    put(", ");
    put_own_form(of, key);
    put("}");
}

static void put_entry(const char *name, const char *title, int of) {
    size_t i;
    const char *comma = "";
    put(",\n    ");
    put_string(name);
    put(": {\n      \"title\": ");
    put_string(title);
    put(",\n      \"type\": \"object\",\n      \"properties\": {");
    for (i = 0; i < LLMFI_COUNT(llmfi_keys); i++) {
        if (llmfi_key_place(&llmfi_keys[i], of) == LLMFI_KEY_NONE) continue;
        put_key(name, &llmfi_keys[i], comma);
        comma = ",";
    }
    put("\n      },\n      \"additionalProperties\": false\n    }");
}

#define TEXT "{\"$ref\": \"#/$defs/text\"}"
#define FILLED_TEXT "\"type\": \"string\", " FILLED

/* Keys that are read by code of their own, whose form the table does not say. */
static const struct {
    const char *of, *key, *form;
} own_forms[] = {
    {"route", "candidates", "\"anyOf\": [{\"type\": \"array\", \"minItems\": 1, \"items\": {\"anyOf\": [{\"$ref\": \"#/$defs/filled\"}, {\"$ref\": \"#/$defs/candidate\"}]}}, {\"$ref\": \"#/$defs/filled\"}, " NOTHING "]"},
    {"candidate", "model", FILLED_TEXT},
    {"prompt", "system", "\"anyOf\": [" TEXT ", " NOTHING "]"},
    {"prompt", "user", "\"anyOf\": [" TEXT ", " NOTHING "]"},
    {"prompt", "messages", "\"anyOf\": [{\"type\": \"array\", \"minItems\": 1, \"items\": {\"$ref\": \"#/$defs/message\"}}, " NOTHING "]"},
    {"prompt", "examples", "\"anyOf\": [{\"type\": \"array\", \"minItems\": 1, \"items\": {\"$ref\": \"#/$defs/example\"}}, " NOTHING "]"},
    {"prompt", "variables",
     "\"anyOf\": [{\"type\": \"object\", \"patternProperties\": {\"^[A-Za-z_][A-Za-z0-9_-]*$\": {\"anyOf\": [{\"type\": \"string\"}, {\"type\": \"number\"}, {\"type\": \"boolean\"}, " NOTHING "]}}, \"additionalProperties\": false}, "
     "{\"type\": \"array\", \"uniqueItems\": true, \"items\": {\"type\": \"string\", \"pattern\": \"^[A-Za-z_][A-Za-z0-9_-]*$\"}}, " NOTHING "]"},
    {"prompt", "format", "\"anyOf\": [{\"enum\": [\"text\", \"json\"]}, {\"type\": \"object\"}, " NOTHING "]"},
    {"message", "role", "\"enum\": [\"user\", \"assistant\", \"system\"]"},
    {"message", "content", "\"$ref\": \"#/$defs/text\""},
    {"example", "user", "\"$ref\": \"#/$defs/text\""},
    {"example", "assistant", "\"$ref\": \"#/$defs/text\""},
    {"step", "text", "\"$ref\": \"#/$defs/text\""},
    {"step", "as", "\"anyOf\": [{\"type\": \"string\", \"pattern\": \"^[A-Za-z_][A-Za-z0-9_-]*$\", \"not\": {\"const\": \"previous\"}}, " VARIABLE ", " NOTHING "]"},
    {"chain", "steps", "\"$ref\": \"#/$defs/steps\""},
};

/* Words that such a key takes. */
static const struct {
    const char *of, *key, *words;
} own_words[] = {{"route", "rule", llmfi_route_rules}, {"step", "parse", llmfi_parse_words}};

static void put_own_form(const char *of, const llmfi_key *key) {
    size_t i;
    for (i = 0; i < LLMFI_COUNT(own_forms); i++) {
        if (strcmp(own_forms[i].of, of) != 0 || strcmp(own_forms[i].key, key->name) != 0) continue;
        put(own_forms[i].form);
        return;
    }
    for (i = 0; i < LLMFI_COUNT(own_words); i++) {
        if (strcmp(own_words[i].of, of) != 0 || strcmp(own_words[i].key, key->name) != 0) continue;
        put("\"anyOf\": [{\"enum\": ");
        put_words(own_words[i].words);
        put("}, " VARIABLE ", " NOTHING "]");
        return;
    }
    put_form(key);
}

/* An entry with a table of keys of its own; `more` is what else must hold, NULL: nothing. */
static void put_own(const char *name, const char *title, const llmfi_key *keys, size_t count, const char *more) {
    size_t i;
    put(",\n    ");
    put_string(name);
    put(": {\n      \"title\": ");
    put_string(title);
    put(",\n      \"type\": \"object\",\n      \"properties\": {");
    for (i = 0; i < count; i++) put_key(name, &keys[i], i ? "," : "");
    put("\n      },\n      \"additionalProperties\": false");
    if (more) {
        put(",\n      ");
        put(more);
    }
    put("\n    }");
}

/* ---- sections ---- */

#define BY_NAME(pattern, of) "\"type\": [\"object\", \"null\"], \"patternProperties\": {" pattern ": " of "}, \"additionalProperties\": false"
#define USD "{\"anyOf\": [{\"type\": \"number\", \"minimum\": 0, \"maximum\": 9000000}, " VARIABLE ", " NOTHING "]}"

/* The rest of a section's schema; one that is not here is taken as it is. */
static const struct {
    const char *name, *what, *form;
} sections[] = {
    {"models", "models by the names that programs use, or a list of models that each have a name",
     "\"anyOf\": [{\"type\": \"object\", \"patternProperties\": {" NAMED ": {\"$ref\": \"#/$defs/model\"}}, \"additionalProperties\": false},\n"
     "          {\"type\": \"array\", \"items\": {\"allOf\": [{\"$ref\": \"#/$defs/model\"}, {\"type\": \"object\", \"properties\": {\"name\": {\"type\": \"string\"}}, \"required\": [\"name\"]}]}}, " NOTHING "]"},
    {"providers", "hosts by their names: changes to a known one, or a new one with dialect and base_url", BY_NAME("\"^[A-Za-z0-9_.-]{1,64}$\"", "{\"$ref\": \"#/$defs/provider\"}")},
    {"fallbacks", "names to try next, by the name of the model that failed", "\"type\": [\"object\", \"null\"], \"additionalProperties\": {\"$ref\": \"#/$defs/names\"}"},
    {"routes", "names that stand for a choice among models", BY_NAME(NAMED, "{\"$ref\": \"#/$defs/route\"}")},
    {"budgets", "the most to spend, in US dollars",
     "\"type\": [\"object\", \"null\"], \"properties\": {\n"
     "          \"call_usd\": {\"description\": \"the most that one call may cost\", \"$ref\": \"#/$defs/usd\"},\n"
     "          \"process_usd\": {\"description\": \"the most of the whole process\", \"$ref\": \"#/$defs/usd\"},\n"
     "          \"day_usd\": {\"description\": \"the most of a day (UTC)\", \"$ref\": \"#/$defs/usd\"},\n"
     "          \"models\": {\"description\": \"the most of a model, by its name\", \"type\": [\"object\", \"null\"], \"additionalProperties\": {\"$ref\": \"#/$defs/usd\"}},\n"
     "          \"routes\": {\"description\": \"the most of a route, by its name\", \"type\": [\"object\", \"null\"], \"additionalProperties\": {\"$ref\": \"#/$defs/usd\"}},\n"
     "          \"alerts\": {\"description\": \"shares of a budget at which the program is told\", \"type\": [\"array\", \"null\"], \"maxItems\": 8,\n"
     "            \"items\": {\"anyOf\": [{\"type\": \"number\", \"exclusiveMinimum\": 0, \"maximum\": 1}, " VARIABLE "]}}\n"
     "        }, \"additionalProperties\": false"},
    {"plugins", "shared objects with providers of their own (builds with LLMF_WITH_PLUGINS=1), each by its path or its url",
     BY_NAME(NAMED, "{\"type\": \"object\", \"properties\": {\"path\": {\"description\": \"the file; a relative one begins at this config's directory\", \"type\": \"string\", " FILLED "}, "
                    "\"url\": {\"description\": \"where it is fetched from instead: https://, s3:// or ssm:\", \"type\": \"string\", " FILLED "}, "
                    "\"sha256\": {\"description\": \"the digest of its bytes, 64 hexadecimal digits\", \"anyOf\": [{\"type\": \"string\", \"pattern\": \"^[0-9A-Fa-f]{64}$\"}, {\"type\": \"number\"}]}}, \"required\": [\"sha256\"], \"additionalProperties\": false}")},
    {"prompts", "texts with holes, {{name}}, by the names that programs use: one message of the user, or a prompt with all that belongs to it",
     BY_NAME(NAMED, "{\"anyOf\": [" TEXT ", {\"$ref\": \"#/$defs/prompt\"}]}")},
    {"chains", "prompts one after the other, by the names that programs use: a list of steps", BY_NAME(NAMED, "{\"anyOf\": [{\"$ref\": \"#/$defs/steps\"}, {\"$ref\": \"#/$defs/chain\"}]}")},
    {"default_model", "the model where a program names none", "\"type\": [\"string\", \"null\"], " FILLED},
    {"default_provider", "the provider of names that say none", "\"type\": [\"string\", \"null\"], " FILLED},
};

static void put_section(const char *name, const char *comma) {
    size_t i;
    for (i = 0; i < LLMFI_COUNT(sections) && strcmp(sections[i].name, name) != 0; i++) {}
    put(comma);
    put("\n        ");
    put_string(name);
    put(": {");
    if (i < LLMFI_COUNT(sections)) {
        put("\"description\": ");
        put_string(sections[i].what);
        put(", ");
        put(sections[i].form);
    }
    put("}");
}

static void put_sections(void) {
    size_t i;
    put(",\n    \"sections\": {\n      \"title\": \"A config file of sections\",\n      \"type\": \"object\",\n      \"properties\": {");
    for (i = 0; i < LLMFI_COUNT(llmfi_sections); i++) put_section(llmfi_sections[i], i ? "," : "");
    put("\n      },\n      \"additionalProperties\": false\n    }");
}

/* ---- the whole ---- */

static void put_word_def(const char *name, const char *words) {
    put(",\n    ");
    put_string(name);
    put(": {\"anyOf\": [{\"enum\": ");
    put_words(words);
    put("}, " VARIABLE "]}");
}

static void put_defs(void) {
    put("    \"variable\": {\"description\": \"an environment variable's value stands here: ${NAME} or ${NAME:-default}\", \"type\": \"string\", "
        "\"pattern\": \"\\\\$\\\\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\\\\}\"},\n");
    put("    \"text\": {\"type\": \"string\", \"pattern\": \"^[^\\\\u0000]*[^\\\\u0000 \\\\t\\\\r\\\\n][^\\\\u0000]*$\"},\n");
    put("    \"steps\": {\"type\": \"array\", \"minItems\": 1, \"maxItems\": ");
    put_number(LLMF_MAX_CHAIN);
    put(", \"items\": {\"$ref\": \"#/$defs/step\"}},\n");
    put("    \"filled\": {\"type\": \"string\", \"minLength\": 1, " NO_NUL "},\n");
    put("    \"names\": {\"anyOf\": [{\"type\": \"array\", \"items\": {\"$ref\": \"#/$defs/filled\"}}, {\"$ref\": \"#/$defs/filled\"}, " NOTHING "]},\n");
    put("    \"usd\": " USD ",\n");
    put("    \"name_of_variable\": {\"anyOf\": [{\"type\": \"string\", \"pattern\": \"^[A-Za-z_][A-Za-z0-9_]{0,126}$\"}, " VARIABLE "]},\n");
    put("    \"time\": {\"anyOf\": [{\"type\": \"number\", \"exclusiveMinimum\": 0}, {\"const\": \"none\"}, {\"type\": \"string\", "
        "\"pattern\": \"^(?=.*[1-9])[ \\\\t]*([0-9]+\\\\.?[0-9]*|\\\\.[0-9]+)[ \\\\t]*(ms|s|m)?$\"}, " VARIABLE ", " NOTHING "]},\n");
    put("    \"reasoning\": {\"anyOf\": [{\"enum\": [\"none\", \"minimal\", \"low\", \"medium\", \"high\", \"xhigh\", \"max\"]}, {\"type\": \"integer\", \"minimum\": 1, \"maximum\": 1000000000}, "
        "{\"type\": \"string\", \"pattern\": \"^[0-9]+( tokens)?$\"}, {\"const\": false}, " VARIABLE ", " NOTHING "]},\n");
    put("    \"quality\": {\"anyOf\": [{\"$ref\": \"#/$defs/share\"}, {\"type\": \"object\", \"minProperties\": 1, \"additionalProperties\": {\"$ref\": \"#/$defs/share\"}}, " NOTHING "]},\n");
    put("    \"share\": {\"anyOf\": [{\"type\": \"number\", \"minimum\": 0, \"maximum\": 1}, " VARIABLE "]}");
    put_word_def("quirk", llmfi_quirk_names);
    put_word_def("capability", "tools\0images\0audio\0files\0reasoning\0schema\0embeddings\0transcription\0");
    put_word_def("cause", "any\0rate_limit\0quota\0context_length\0content_filter\0timeout\0server\0auth\0not_found\0bad_request\0");
    put_own("candidate", "One of a route's models", llmfi_candidate_keys, LLMFI_COUNT(llmfi_candidate_keys), "\"required\": [\"model\"]");
    put_own("route", "A choice among models", llmfi_route_keys, LLMFI_COUNT(llmfi_route_keys), NULL);
    put_own("message", "A message of a prompt", llmfi_message_keys, LLMFI_COUNT(llmfi_message_keys), "\"required\": [\"role\", \"content\"]");
    put_own("example", "A pair that shows what is wanted", llmfi_example_keys, LLMFI_COUNT(llmfi_example_keys), "\"required\": [\"user\", \"assistant\"]");
    put_own("prompt", "Texts with holes, and what else the request is", llmfi_prompt_keys, LLMFI_COUNT(llmfi_prompt_keys), "\"oneOf\": [{\"required\": [\"user\"], \"properties\": {\"user\": true}}, {\"required\": [\"messages\"], \"properties\": {\"messages\": true}}]");
    put_own("step", "One request of a chain", llmfi_step_keys, LLMFI_COUNT(llmfi_step_keys), "\"oneOf\": [{\"required\": [\"prompt\"], \"properties\": {\"prompt\": true}}, {\"required\": [\"text\"], \"properties\": {\"text\": true}}]");
    put_own("chain", "Steps, and what they are for", llmfi_chain_keys, LLMFI_COUNT(llmfi_chain_keys), "\"required\": [\"steps\"]");
    put_entry("provider", "A host", LLMFI_OF_PROVIDER);
    put_entry("model", "A model", LLMFI_OF_MODEL);
    put_sections();
}

static void put_schema(void) {
    put("{\n  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n  \"$id\": \"urn:llmfactory:config\",\n"
        "  \"title\": \"A config file of llmfactory\",\n"
        "  \"description\": \"Either sections, or the keys of one model, whose name is then that of the file. Written by `make schema`: change the table of keys in src/factory/record.h instead.\",\n"
        "  \"type\": \"object\",\n  \"anyOf\": [{\"$ref\": \"#/$defs/sections\"}, {\"$ref\": \"#/$defs/model\"}],\n  \"$defs\": {\n");
    put_defs();
    put("\n  }\n}\n");
}

static bool same(const char *path) {
    static char there[sizeof text + 1];
    FILE *f = fopen(path, "rb");
    size_t n = f ? fread(there, 1, sizeof there, f) : 0;
    if (f) fclose(f);
    return n == used && memcmp(there, text, n) == 0;
}

int main(int argc, char **argv) {
    bool check = argc == 3 && strcmp(argv[1], "--check") == 0;
    FILE *f = stdout;
    if (argc > 2 && !check) return fputs("usage: schema [[--check] FILE]\n", stderr), 2;
    put_schema();
    if (check) {
        if (same(argv[2])) return 0;
        fprintf(stderr, "%s is not what the table of keys gives; run: make schema\n", argv[2]);
        return 1;
    }
    if (argc == 2) f = fopen(argv[1], "wb");
    if (!f || fwrite(text, 1, used, f) != used || fflush(f) != 0 || (argc == 2 && fclose(f) != 0)) return perror(argc == 2 ? argv[1] : "stdout"), 1;
    return 0;
}
