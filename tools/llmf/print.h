/* Responses, events and errors as the JSON that scripts depend on. */
#ifndef LLMF_TOOL_PRINT_H
#define LLMF_TOOL_PRINT_H
#include "text.h"

static void print_usage_object(FILE *f, const llmf_usage *u) {
    static const char *const names[] = {"input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens"};
    int64_t values[5];
    const char *comma = "";
    int i;
    values[0] = u->input;
    values[1] = u->cache_read;
    values[2] = u->cache_write;
    values[3] = u->output;
    values[4] = u->reasoning;
    fputc('{', f);
    for (i = 0; i < 5; i++) {
        if (values[i] == LLMF_UNKNOWN) continue;
        fprintf(f, "%s\"%s\":%lld", comma, names[i], (long long)values[i]);
        comma = ",";
    }
    fputc('}', f);
}

static void print_tool_call(FILE *f, const llmf_tool_call *t, const char *comma) {
    fprintf(f, "%s\"id\":", comma);
    put_json(f, t->id);
    put_member(f, "name", t->name);
    if (t->invalid) {
        put_member(f, "arguments_raw", t->arguments);
    } else {
        fputs(",\"arguments\":", f);
        put_line(f, t->arguments);
    }
}

static void print_tool_calls(FILE *f, const llmf_response *r) {
    size_t i;
    fputs(",\"tool_calls\":[", f);
    for (i = 0; i < r->tool_call_count; i++) {
        fputs(i ? ",{" : "{", f);
        print_tool_call(f, &r->tool_calls[i], "");
        fputc('}', f);
    }
    fputc(']', f);
}

static void print_citations(FILE *f, const llmf_response *r) {
    size_t i;
    if (!r->citation_count) return;
    fputs(",\"citations\":[", f);
    for (i = 0; i < r->citation_count; i++) {
        fputs(i ? ",{\"url\":" : "{\"url\":", f);
        put_json(f, r->citations[i].url);
        put_member(f, "title", r->citations[i].title);
        fputc('}', f);
    }
    fputc(']', f);
}

/* {"code":…}: the provider's own message where it gave one. */
static void print_error(FILE *f, const llmf_error *e) {
    fprintf(f, "{\"code\":\"%s\"", llmf_result_name(e->code));
    if (e->http_status) put_number(f, "http_status", e->http_status);
    if (e->provider_code[0]) put_member(f, "provider_code", view(e->provider_code));
    put_member(f, "message", e->message.len ? e->message : view(e->text));
    if (e->message.len && e->text[0]) put_member(f, "hint", view(e->text));
    if (e->retry_after_ms >= 0) put_number(f, "retry_after_ms", e->retry_after_ms);
    fputc('}', f);
}

static void print_attempts(FILE *f, const llmf_response *r) {
    size_t i;
    fputs(",\"attempts\":[", f);
    for (i = 0; i < r->attempt_count; i++) {
        const llmf_attempt *a = &r->attempts[i];
        fputs(i ? ",{\"provider\":" : "{\"provider\":", f);
        put_json(f, a->provider);
        put_member(f, "model", a->model);
        fputs(",\"error\":", f);
        if (a->error) put_json(f, view(llmf_result_name(a->error)));
        else fputs("null", f);
        if (a->latency_ms >= 0) put_number(f, "latency_ms", a->latency_ms);
        fputc('}', f);
    }
    fputc(']', f);
}

static void put_known(FILE *f, const char *name, llmf_str s) {
    if (s.len) put_member(f, name, s);
}

/* The members of a Response behind "ok"; each begins with a comma. */
static void print_response_members(FILE *f, const llmf_response *r) {
    put_known(f, "provider", r->provider);
    put_known(f, "model", r->model);
    put_known(f, "model_used", r->model_used);
    put_known(f, "request_id", r->request_id);
    put_member(f, "text", r->text.ptr ? r->text : view(""));
    put_known(f, "reasoning", r->reasoning);
    put_known(f, "refusal", r->refusal);
    put_known(f, "state", r->state);
    print_tool_calls(f, r);
    print_citations(f, r);
    if (r->finish) put_member(f, "finish_reason", view(llmf_finish_name(r->finish)));
    put_known(f, "finish_reason_raw", r->finish_raw);
    fputs(",\"usage\":", f);
    print_usage_object(f, &r->usage);
    if (r->cost_pico != LLMF_UNKNOWN) {
        fputs(",\"cost_usd\":", f);
        put_usd(f, r->cost_pico);
    }
    if (r->latency_ms >= 0) put_number(f, "latency_ms", r->latency_ms);
    if (r->first_token_ms >= 0) put_number(f, "first_token_ms", r->first_token_ms);
    print_attempts(f, r);
    if (r->cached) fputs(",\"cached\":true", f);
    if (r->error.code != LLMF_OK) {
        fputs(",\"error\":", f);
        print_error(f, &r->error);
    }
}

static void print_response(FILE *f, const llmf_response *r) {
    fprintf(f, "{\"ok\":%s", r->error.code == LLMF_OK ? "true" : "false");
    print_response_members(f, r);
    fputc('}', f);
}

/* ---- operations besides chat ---- */

/* As many digits as tell the float from its neighbours; what JSON has no word for is null. */
static void put_float(FILE *f, float value) {
    if (value - value == 0) fprintf(f, "%.9g", (double)value);
    else fputs("null", f);
}

static void print_vectors(FILE *f, const llmf_output *o) {
    size_t i, k;
    fputs(",\"embeddings\":[", f);
    for (i = 0; i < o->vector_count; i++) {
        fputs(i ? ",[" : "[", f);
        for (k = 0; k < o->dimensions; k++) {
            if (k) fputc(',', f);
            put_float(f, o->vectors[i * o->dimensions + k]);
        }
        fputc(']', f);
    }
    fputc(']', f);
}

static void print_usage_members(FILE *f, const llmf_response *r) {
    fputs(",\"usage\":", f);
    print_usage_object(f, &r->usage);
    if (r->cost_pico == LLMF_UNKNOWN) return;
    fputs(",\"cost_usd\":", f);
    put_usd(f, r->cost_pico);
}

static void print_seconds(FILE *f, const char *name, double seconds) {
    if (seconds >= 0) fprintf(f, ",\"%s\":%.15g", name, seconds);
}

/* Language, duration and segments of a transcript, as far as they are known. */
static void print_transcript_members(FILE *f, const llmf_output *o) {
    size_t i;
    put_known(f, "language", o->language);
    print_seconds(f, "duration", o->duration);
    if (!o->segment_count) return;
    fputs(",\"segments\":[", f);
    for (i = 0; i < o->segment_count; i++) {
        fputs(i ? ",{\"text\":" : "{\"text\":", f);
        put_json(f, o->segments[i].text);
        print_seconds(f, "start", o->segments[i].start);
        print_seconds(f, "end", o->segments[i].end);
        put_known(f, "speaker", o->segments[i].speaker);
        fputc('}', f);
    }
    fputc(']', f);
}

static void print_model_ids(FILE *f, const llmf_output *o) {
    size_t i;
    fputs(",\"models\":[", f);
    for (i = 0; i < o->model_count; i++) {
        if (i) fputc(',', f);
        put_json(f, o->models[i]);
    }
    fputc(']', f);
    put_known(f, "next_page", o->next_page);
}

/* What replay prints behind "ok" of an operation besides chat. */
static void print_operation_members(FILE *f, const llmf_response *r, int op) {
    bool ok = r->error.code == LLMF_OK;
    put_known(f, "model_used", r->model_used);
    put_known(f, "request_id", r->request_id);
    if (op == LLMF_OP_TRANSCRIBE) put_member(f, "text", r->text.ptr ? r->text : view(""));
    if (op == LLMF_OP_TRANSCRIBE && r->output) print_transcript_members(f, r->output);
    if (ok && op == LLMF_OP_EMBED) print_vectors(f, r->output);
    if (ok && op == LLMF_OP_COUNT_TOKENS) put_number(f, "tokens", r->output->tokens);
    if (ok && op == LLMF_OP_LIST_MODELS) print_model_ids(f, r->output);
    if (op == LLMF_OP_EMBED || op == LLMF_OP_TRANSCRIBE) print_usage_members(f, r);
    if (ok) return;
    fputs(",\"error\":", f);
    print_error(f, &r->error);
}

static void print_event(FILE *f, const llmf_event *ev) {
    static const char *const names[] = {"", "text", "reasoning", "refusal", "tool_call_start", "tool_call_delta", "tool_call", "usage", "done", "error", "step"};
    fprintf(f, "{\"type\":\"%s\"", names[ev->type]);
    switch (ev->type) {
    case LLMF_EVENT_TEXT:
    case LLMF_EVENT_REASONING:
    case LLMF_EVENT_REFUSAL: put_member(f, "text", ev->text); break;
    case LLMF_EVENT_TOOL_START:
        put_number(f, "index", ev->index);
        put_member(f, "id", ev->tool->id);
        put_member(f, "name", ev->tool->name);
        break;
    case LLMF_EVENT_STEP:
        put_number(f, "index", ev->index);
        put_member(f, "text", ev->text);
        break;
    case LLMF_EVENT_TOOL_DELTA:
        put_number(f, "index", ev->index);
        put_member(f, "arguments", ev->text);
        break;
    case LLMF_EVENT_TOOL_CALL:
        put_number(f, "index", ev->index);
        print_tool_call(f, ev->tool, ",");
        break;
    case LLMF_EVENT_USAGE:
        fputs(",\"usage\":", f);
        print_usage_object(f, ev->usage);
        break;
    default:
        if (ev->type == LLMF_EVENT_ERROR) {
            fputs(",\"error\":", f);
            print_error(f, &ev->response->error);
        }
        fputs(",\"response\":", f);
        print_response(f, ev->response);
    }
    fputs("}\n", f);
    fflush(f);
}

/* A failure before there was a call. */
static void print_failure(FILE *f, const llmf_error *e) {
    fputs("{\"ok\":false,\"error\":", f);
    print_error(f, e);
    fputs("}\n", f);
}

#endif
