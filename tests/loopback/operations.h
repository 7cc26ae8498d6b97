/* operations.h - what providers have besides conversations: embeddings, transcription, counts of tokens. Strict: a member that the provider's reference does not
 * know is refused, and so are more texts than it takes at once.
 *
 *   vectors      number K of a text's vector is (FNV-1a of the text, seed K, modulo 20001 - 10000) / 10000, printed with four decimals; 8 numbers, or as asked
 *   transcripts  "heard N bytes of NAME", in as many deltas as words when streamed
 *   tokens       words */
#ifndef LOOPBACK_OPERATIONS_H
#define LOOPBACK_OPERATIONS_H
#include "azure.h"
#include "bedrock.h"
#include "chat.h"
#include "cohere.h"
#include "gemini.h"
#include "ollama.h"
#include "responses.h"

enum { VECTOR_NUMBERS = 8, VECTOR_MOST = 4096 };

/* ---- the body as JSON, with known members only ---------------------------------------------------------------- */
static const json *op_body(exchange *x, const char *const *known) {
    const char *why; size_t where;
    const json *o = json_parse(&x->mem, x->req.body, x->req.nbody, &why, &where);
    if (!is_json_type(x)) { fail(x, 415, NULL, NULL, "the Content-Type must be application/json"); return NULL; }
    if (!is_kind(o, J_OBJECT)) { fail(x, 400, NULL, NULL, "the body is not a JSON object"); return NULL; }
    for (const json *m = o->first; m; m = m->next)
        if (!is_known(known, m->key, m->nkey)) { fail(x, 400, NULL, "unknown_parameter", "Unknown parameter: '%v'.", m->key, m->nkey); return NULL; }
    return o;
}
static int op_model(exchange *x, const json *model) {
    if (!is_kind(model, J_STRING) || !model->n) return fail(x, 400, "model", NULL, "you must provide a model parameter");
    return !is_missing_model(model->s) || fail(x, 404, "model", "model_not_found", "The model `%s` does not exist.", model->s);
}
/* a whole number from 1 to `most`; `otherwise` where it is not there; 0: refused */
static long op_number(exchange *x, const json *n, long most, long otherwise) {
    if (!n || is_null(n)) return otherwise;
    if (is_kind(n, J_NUMBER) && n->number >= 1 && n->number <= (double)most && n->number == (double)(long)n->number) return (long)n->number;
    fail(x, 400, NULL, NULL, "a number from 1 to %d is expected", most);
    return 0;
}

/* ---- vectors -------------------------------------------------------------------------------------------------- */
static float vector_number(const json *text, long k) {
    return (float)((double)((long)(hash_of(text->s, text->n, (uint64_t)k) % 20001) - 10000) / 10000);
}
static void put_vector(buf *o, const json *text, long dims) {
    char number[32];
    put_char(o, '[');
    for (long k = 0; k < dims; k++) {
        int n = snprintf(number, sizeof number, "%s%.4f", k ? "," : "", (double)vector_number(text, k));
        put(o, number, (size_t)n);
    }
    put_char(o, ']');
}
static void put_vector64(buf *o, const json *text, long dims) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned long held = 0; int bits = 0; size_t written = 0;
    put_char(o, '"');
    for (long k = 0; k < dims; k++) {
        float f = vector_number(text, k);
        uint32_t u;
        memcpy(&u, &f, sizeof u);
        for (int i = 0; i < 4; i++) {                                    /* little-endian whatever this machine is */
            held = (held << 8 | (u >> 8 * i & 255)) & 0xffffff;
            for (bits += 8; bits >= 6; bits -= 6, written++) put_char(o, digits[held >> (bits - 6) & 63]);
        }
    }
    if (bits) { put_char(o, digits[held << (6 - bits) & 63]); written++; }
    for (; written % 4; written++) put_char(o, '=');
    put_char(o, '"');
}
/* the texts: counted; NULL: refused. A single string is one text. */
static const json *op_texts(exchange *x, const json *list, long most, long *count) {
    const json *t = is_kind(list, J_STRING) ? list : is_kind(list, J_ARRAY) ? list->first : NULL;
    *count = is_kind(list, J_STRING) ? 1 : 0;
    for (const json *i = *count ? NULL : t; i; i = i->next, ++*count)
        if (!is_kind(i, J_STRING) || !i->n) { fail(x, 400, "input", NULL, "Invalid 'input[%d]': a string of at least one character is expected.", *count); return NULL; }
    if (!t || *count > most) { fail(x, 400, "input", NULL, "Invalid 'input': array too long or empty. Expected 1 to %d texts, but got %d.", most, *count); return NULL; }
    for (long i = 0; i < *count; i++, t = i < *count ? t->next : t) x->ask.words_in += count_words(t->s, t->n);
    return is_kind(list, J_STRING) ? list : list->first;
}

/* OpenAI API reference, embeddings */
static void chat_embeddings(exchange *x) {
    static const char *const known[] = { "model", "input", "dimensions", "encoding_format", "user", NULL };
    const json *o = op_body(x, known), *format = json_get(o, "encoding_format"), *t;
    long count, dims;
    int base64 = is_text(format, "base64"), azure = x->how == &azure_dialect;
    if (!o || (!azure && !op_model(x, json_get(o, "model")))) return;
    if (format && !base64 && !is_text(format, "float")) { fail(x, 400, "encoding_format", NULL, "encoding_format must be float or base64"); return; }
    if (!(dims = op_number(x, json_get(o, "dimensions"), VECTOR_MOST, VECTOR_NUMBERS)) || !(t = op_texts(x, json_get(o, "input"), 2048, &count))) return;
    start_reply(x, 200, "application/json");
    put_text(&x->reply.body, "{\n  \"object\": \"list\",\n  \"data\": [");
    for (long i = 0; i < count; i++, t = i < count ? t->next : t) {
        say(&x->reply.body, "%s\n    {\n      \"object\": \"embedding\",\n      \"index\": %d,\n      \"embedding\": ", i ? "," : "", i);
        if (base64) put_vector64(&x->reply.body, t, dims); else put_vector(&x->reply.body, t, dims);
        put_text(&x->reply.body, "\n    }");
    }
    say(&x->reply.body, "\n  ],\n  \"model\": %q,\n  \"usage\": {\n    \"prompt_tokens\": %d,\n    \"total_tokens\": %d\n  }\n}\n", json_text(json_get(o, "model"), "deployed"), x->ask.words_in, x->ask.words_in);
}
/* Cohere API reference, embed v2 */
static void cohere_embeddings(exchange *x) {
    static const char *const known[] = { "model", "input_type", "texts", "embedding_types", "output_dimension", "truncate", NULL },
        *const kinds[] = { "search_document", "search_query", "classification", "clustering", "image", NULL };
    const json *o = op_body(x, known), *type = json_get(o, "input_type"), *types = json_get(o, "embedding_types"), *t;
    long count, dims;
    if (!o || !op_model(x, json_get(o, "model"))) return;
    if (!is_kind(type, J_STRING) || !is_known(kinds, type->s, type->n)) { fail(x, 400, NULL, NULL, "invalid request: valid input_type must be provided with the provided model"); return; }
    if (types && (!is_kind(types, J_ARRAY) || types->count != 1 || !is_text(types->first, "float"))) { fail(x, 400, NULL, NULL, "invalid request: embedding_types must be [\"float\"] here"); return; }
    if (!(dims = op_number(x, json_get(o, "output_dimension"), 1536, VECTOR_NUMBERS)) || !(t = op_texts(x, json_get(o, "texts"), 96, &count))) return;
    start_reply(x, 200, "application/json");
    put_text(&x->reply.body, "{\"id\":\"e-1\",\"embeddings\":{\"float\":[");
    for (long i = 0; i < count; i++, t = i < count ? t->next : t) { if (i) put_char(&x->reply.body, ','); put_vector(&x->reply.body, t, dims); }
    say(&x->reply.body, "]},\"meta\":{\"api_version\":{\"version\":\"2\"},\"billed_units\":{\"input_tokens\":%d}},\"response_type\":\"embeddings_by_type\"}", x->ask.words_in);
}
/* Ollama API, /api/embed */
static void ollama_embeddings(exchange *x) {
    static const char *const known[] = { "model", "input", "truncate", "options", "keep_alive", "dimensions", NULL };
    const json *o = op_body(x, known), *t;
    long count, dims;
    if (!o || !op_model(x, json_get(o, "model"))) return;
    if (!(dims = op_number(x, json_get(o, "dimensions"), VECTOR_MOST, VECTOR_NUMBERS)) || !(t = op_texts(x, json_get(o, "input"), 1 << 20, &count))) return;
    start_reply(x, 200, "application/json; charset=utf-8");
    say(&x->reply.body, "{\"model\":%q,\"embeddings\":[", json_get(o, "model")->s);
    for (long i = 0; i < count; i++, t = i < count ? t->next : t) { if (i) put_char(&x->reply.body, ','); put_vector(&x->reply.body, t, dims); }
    say(&x->reply.body, "],\"total_duration\":14143917,\"load_duration\":1019500,\"prompt_eval_count\":%d}", x->ask.words_in);
}
/* Gemini API reference, models.batchEmbedContents */
static void gemini_embeddings(exchange *x) {
    static const char *const known[] = { "requests", NULL }, *const inner[] = { "model", "content", "taskType", "title", "outputDimensionality", NULL };
    const json *o = op_body(x, known), *list = json_get(o, "requests"), *r;
    long words = 0;
    if (!o) return;
    if (!is_kind(list, J_ARRAY) || !list->first || list->count > 100) { fail(x, 400, NULL, NULL, "* BatchEmbedContentsRequest.requests: at most 100 requests can be in one batch"); return; }
    start_reply(x, 200, "application/json; charset=UTF-8");
    put_text(&x->reply.body, "{\n  \"embeddings\": [");
    for (r = list->first; r; r = r->next) {
        const json *parts = json_get(json_get(r, "content"), "parts"), *text = is_kind(parts, J_ARRAY) ? json_get(parts->first, "text") : NULL, *model = json_get(r, "model");
        long dims = op_number(x, json_get(r, "outputDimensionality"), 3072, VECTOR_NUMBERS);
        for (const json *m = r->first; m; m = m->next) if (!is_known(inner, m->key, m->nkey)) { fail(x, 400, NULL, NULL, "Unknown name \"%v\" at 'requests'", m->key, m->nkey); return; }
        if (!dims) return;
        if (!is_kind(text, J_STRING) || !is_kind(model, J_STRING) || strncmp(model->s, "models/", 7)) { fail(x, 400, NULL, NULL, "each request needs model and content"); return; }
        say(&x->reply.body, "%s\n    {\n      \"values\": ", r == list->first ? "" : ",");
        put_vector(&x->reply.body, text, dims);
        put_text(&x->reply.body, "\n    }");
        words += count_words(text->s, text->n);
    }
    say(&x->reply.body, "\n  ],\n  \"usageMetadata\": {\n    \"promptTokenCount\": %d\n  }\n}\n", words);
}
/* Amazon Bedrock user guide, Titan Text Embeddings: one text; the first version knows nothing else */
static void bedrock_titan(exchange *x) {
    static const char *const first[] = { "inputText", NULL }, *const second[] = { "inputText", "dimensions", "normalize", "embeddingTypes", NULL };
    const json *o = op_body(x, strstr(x->ask.model, "-v1") ? first : second), *text = json_get(o, "inputText");
    long count, dims;
    if (!o || !(dims = op_number(x, json_get(o, "dimensions"), 1024, VECTOR_NUMBERS))) return;
    if (!is_kind(text, J_STRING)) { fail(x, 400, NULL, NULL, "Malformed input request: #: required key [inputText] not found, please reformat your input and try again."); return; }
    if (!op_texts(x, text, 1, &count)) return;
    start_reply(x, 200, "application/json");
    put_text(&x->reply.body, "{\"embedding\":");
    put_vector(&x->reply.body, text, dims);
    say(&x->reply.body, ",\"inputTextTokenCount\":%d}", x->ask.words_in);
}
/* the same, Cohere Embed: the third version gives bare vectors, the fourth by type */
static void bedrock_cohere(exchange *x) {
    static const char *const third[] = { "input_type", "texts", "embedding_types", "truncate", NULL }, *const fourth[] = { "input_type", "texts", "embedding_types", "truncate", "output_dimension", NULL },
        *const kinds[] = { "search_document", "search_query", "classification", "clustering", NULL };
    int typed = strstr(x->ask.model, "-v4") != NULL;
    const json *o = op_body(x, typed ? fourth : third), *type = json_get(o, "input_type"), *t;
    long count, dims;
    if (!o) return;
    if (!is_kind(type, J_STRING) || !is_known(kinds, type->s, type->n)) { fail(x, 400, NULL, NULL, "Malformed input request: #: required key [input_type] not found, please reformat your input and try again."); return; }
    if (!(dims = op_number(x, json_get(o, "output_dimension"), 1536, VECTOR_NUMBERS)) || !(t = op_texts(x, json_get(o, "texts"), 96, &count))) return;
    start_reply(x, 200, "application/json");
    say(&x->reply.body, "{\"id\":\"e-1\",\"embeddings\":%s[", typed ? "{\"float\":" : "");
    for (long i = 0; i < count; i++, t = i < count ? t->next : t) { if (i) put_char(&x->reply.body, ','); put_vector(&x->reply.body, t, dims); }
    say(&x->reply.body, "]%s,\"response_type\":%q}", typed ? "}" : "", typed ? "embeddings_by_type" : "embeddings_floats");
}
/* Amazon Bedrock API reference, InvokeModel: the body is that of the model's maker */
static void bedrock_invoke(exchange *x) {
    bedrock_model(x);
    if (is_missing_model(x->ask.model)) fail(x, 400, NULL, NULL, "The provided model identifier is invalid.");
    else if (strstr(x->ask.model, "amazon.titan-embed")) bedrock_titan(x);
    else if (strstr(x->ask.model, "cohere.embed")) bedrock_cohere(x);
    else fail(x, 400, NULL, NULL, "This test server invokes Titan's and Cohere's models of embeddings only, not %s", x->ask.model);
}

/* ---- counts ---------------------------------------------------------------------------------------------------- */
static void op_words(const json *v, long *words) {                       /* of each "text" and each string in `contents` and `input` */
    if (is_kind(v, J_STRING) && (!v->nkey || (v->nkey == 4 && !memcmp(v->key, "text", 4)) || (v->nkey == 7 && !memcmp(v->key, "content", 7)) || (v->nkey == 12 && !memcmp(v->key, "instructions", 12))))
        *words += count_words(v->s, v->n);
    if (is_kind(v, J_OBJECT) || is_kind(v, J_ARRAY)) for (const json *c = v->first; c; c = c->next) op_words(c, words);
}
static void gemini_count_tokens(exchange *x) {
    static const char *const known[] = { "contents", "generateContentRequest", NULL };
    const json *o = op_body(x, known), *inner = json_get(o, "generateContentRequest"), *model = json_get(inner, "model");
    long words = 0;
    if (!o) return;
    if (inner ? !is_kind(model, J_STRING) || strncmp(model->s, "models/", 7) || json_get(o, "contents") : !is_kind(json_get(o, "contents"), J_ARRAY)) { fail(x, 400, NULL, NULL, "contents or generateContentRequest with its model is expected"); return; }
    op_words(json_get(inner ? inner : o, "contents"), &words);
    op_words(json_get(inner, "systemInstruction"), &words);
    start_reply(x, 200, "application/json; charset=UTF-8");
    say(&x->reply.body, "{\n  \"totalTokens\": %d,\n  \"promptTokensDetails\": [\n    {\n      \"modality\": \"TEXT\",\n      \"tokenCount\": %d\n    }\n  ]\n}\n", words, words);
}
static void responses_count(exchange *x) {
    static const char *const known[] = { "model", "input", "previous_response_id", "tools", "text", "reasoning", "truncation", "instructions", "conversation", "tool_choice", "parallel_tool_calls", NULL };
    const json *o = op_body(x, known);
    long words = 0;
    if (!o || !op_model(x, json_get(o, "model"))) return;
    op_words(json_get(o, "input"), &words);
    op_words(json_get(o, "instructions"), &words);
    start_reply(x, 200, "application/json");
    say(&x->reply.body, "{\n  \"object\": \"response.input_tokens\",\n  \"input_tokens\": %d\n}\n", words);
}
/* Amazon Bedrock API reference, CountTokens: of foundation models only, so no region stands in front; the members of a conversation that count */
static void bedrock_count(exchange *x) {
    static const char *const known[] = { "input", NULL }, *const inner[] = { "messages", "system", "toolConfig", "additionalModelRequestFields", NULL };
    const json *o, *converse;
    long words = 0;
    bedrock_model(x);
    if (is_missing_model(x->ask.model)) { fail(x, 400, NULL, NULL, "The provided model identifier is invalid."); return; }
    if (!strncmp(x->ask.model, "us.", 3) || !strncmp(x->ask.model, "arn:", 4)) { fail(x, 400, NULL, NULL, "The provided model doesn't support counting tokens."); return; }
    if (!(o = op_body(x, known))) return;
    converse = json_get(json_get(o, "input"), "converse");
    if (!is_kind(converse, J_OBJECT)) { fail(x, 400, NULL, NULL, "input.converse is expected"); return; }
    x->body = converse;
    if (!bedrock_only(x, converse, inner, "input.converse") || !bedrock_system(x) || !bedrock_messages(x) || !bedrock_tools(x)) return;
    op_words(json_get(converse, "messages"), &words);
    op_words(json_get(converse, "system"), &words);
    start_reply(x, 200, "application/json");
    say(&x->reply.body, "{\"inputTokens\":%d}", words);
}
static void gemini_models(exchange *x) {
    start_reply(x, 200, "application/json; charset=UTF-8");
    if (strstr(x->req.target, "pageToken=")) put_text(&x->reply.body, "{\n  \"models\": [\n    {\n      \"name\": \"models/gemini-loopback-2\"\n    }\n  ]\n}\n");
    else put_text(&x->reply.body, "{\n  \"models\": [\n    {\n      \"name\": \"models/gemini-loopback-1\",\n      \"supportedGenerationMethods\": [\n        \"generateContent\"\n      ]\n    }\n  ],\n  \"nextPageToken\": \"cGFnZQ==\"\n}\n");
}

/* ---- transcription --------------------------------------------------------------------------------------------- */
typedef struct { const char *name, *filename, *type, *value; size_t n; } form_part;
enum { FORM_PARTS = 32 };

/* the value of name="..." in a part's head, decoded no further; NULL: not there */
static const char *form_word(arena *a, const char *head, size_t n, const char *name) {
    char start[32];
    snprintf(start, sizeof start, "; %s=\"", name);
    const char *s = find(head, n, start), *e;
    if (!s) return NULL;
    s += strlen(start);
    e = (const char *)memchr(s, '"', n - (size_t)(s - head));
    return e ? take_text(a, s, (size_t)(e - s)) : NULL;
}
/* the parts of a form; -1: it is none, or is not written as RFC 2046 says */
static int read_form(exchange *x, form_part *p) {
    const char *type = header(&x->req, "content-type"), *s = x->req.body, *end = s + x->req.nbody;
    char line[128];
    size_t k;
    int n = 0;
    if (!type || strncmp(type, "multipart/form-data; boundary=", 30) || strlen(type + 30) > 70 || !type[30] || strchr(type, '"')) return -1;
    snprintf(line, sizeof line, "\r\n--%s", type + 30);
    k = strlen(line);
    if (x->req.nbody < k || memcmp(s, line + 2, k - 2)) return -1;       /* the first one stands without the CR LF */
    for (s += k - 2; end - s > 4 && !memcmp(s, "\r\n", 2); n++) {
        const char *head = s + 2, *value = find(head, (size_t)(end - head), "\r\n\r\n"), *stop = value ? find(value + 4 - 2, (size_t)(end - value) - 2, line) : NULL;
        if (n == FORM_PARTS || !stop || !(p[n].name = form_word(&x->mem, head, (size_t)(value - head), "name"))) return -1;
        if (!find(head, (size_t)(value - head), "Content-Disposition: form-data; name=\"")) return -1;
        const char *media = find(head, (size_t)(value - head), "\r\nContent-Type: ");
        p[n].filename = form_word(&x->mem, head, (size_t)(value - head), "filename");
        p[n].type = media ? take_text(&x->mem, media + 16, (size_t)(value - media) - 16) : NULL;
        p[n].value = value + 4;
        p[n].n = (size_t)(stop - p[n].value);
        s = stop + k;
    }
    return end - s == 4 && !memcmp(s, "--\r\n", 4) ? n : -1;
}
static const char *form_value(exchange *x, const form_part *p, int n, const char *name) {
    for (int i = 0; i < n; i++) if (!strcmp(p[i].name, name)) return take_text(&x->mem, p[i].value, p[i].n);
    return NULL;
}
/* OpenAI API reference, audio/transcriptions; xAI's /stt is told no model */
static void chat_transcribe(exchange *x) {
    static const char *const known[] = { "file", "model", "language", "prompt", "response_format", "temperature", "stream", "timestamp_granularities[]", "include[]", "chunking_strategy", NULL };
    form_part parts[FORM_PARTS];
    int n = read_form(x, parts), file = -1;
    size_t plen = strlen(x->path);
    const char *format, *language, *stream;
    buf said = { 0 };
    if (n < 0) { fail(x, 400, NULL, NULL, "the body is not a form (multipart/form-data)"); return; }
    for (int i = 0; i < n; i++) {
        if (!is_known(known, parts[i].name, strlen(parts[i].name))) { fail(x, 400, NULL, "unknown_parameter", "Unknown parameter: '%s'.", parts[i].name); return; }
        if (!strcmp(parts[i].name, "file")) file = i;
    }
    if (plen < 4 || strcmp(x->path + plen - 4, "/stt")) {
        const char *model = form_value(x, parts, n, "model");
        if (!model) { fail(x, 400, "model", NULL, "you must provide a model parameter"); return; }
        if (is_missing_model(model)) { fail(x, 404, "model", "model_not_found", "The model `%s` does not exist.", model); return; }
    }
    if (file < 0 || !parts[file].filename || !strchr(parts[file].filename, '.') || !parts[file].type) { fail(x, 400, "file", NULL, "a file with its name and type is expected"); return; }
    format = form_value(x, parts, n, "response_format");
    language = form_value(x, parts, n, "language");
    stream = form_value(x, parts, n, "stream");
    say(&said, "heard %d bytes of %s", (long)parts[file].n, parts[file].filename);
    if (stream && !strcmp(stream, "true")) {
        start_reply(x, 200, "text/event-stream; charset=utf-8");
        x->reply.streaming = 1;
        for (size_t at = 0, e; at < said.n; at = e) {
            e = word_end(said.p, said.n, at);
            say(&x->reply.body, "data: {\"type\":\"transcript.text.delta\",\"delta\":%j}\n\n", said.p + at, e - at);
            event_end(x);
        }
        say(&x->reply.body, "data: {\"type\":\"transcript.text.done\",\"text\":%j,\"usage\":{\"type\":\"tokens\",\"input_tokens\":3,\"output_tokens\":5}}\n\n", said.p, said.n);
        event_end(x);
    } else if (format && !strcmp(format, "text")) {
        start_reply(x, 200, "text/plain; charset=utf-8");
        put(&x->reply.body, said.p, said.n);
        put_char(&x->reply.body, '\n');
    } else if (format && !strcmp(format, "verbose_json")) {
        start_reply(x, 200, "application/json");
        say(&x->reply.body, "{\"task\":\"transcribe\",\"language\":%q,\"duration\":3.5,\"text\":%j,\"segments\":[{\"id\":0,\"start\":0.0,\"end\":3.5,\"text\":%j}]}", language ? language : "english", said.p, said.n,
            said.p, said.n);
    } else if (!format || !strcmp(format, "json")) {
        start_reply(x, 200, "application/json");
        const char *model = form_value(x, parts, n, "model");            /* those of gpt-4o are paid by the token, whisper by the second */
        int tokens = model && !strncmp(model, "gpt-4o", 6);
        say(&x->reply.body, "{\"text\":%j,\"usage\":%s}", said.p, said.n, tokens ? "{\"type\":\"tokens\",\"input_tokens\":30,\"output_tokens\":5,\"total_tokens\":35}" : "{\"type\":\"duration\",\"seconds\":4}");
    } else {
        fail(x, 400, "response_format", "unsupported_value", "response_format '%s' is not compatible with this model", format);
    }
    buf_free(&said);
}
#endif
