/* azure.h - Azure OpenAI (Azure OpenAI REST API reference): Chat Completions at its two addresses, with the content filter's results.
 * `blockme` in the prompt is what the filter blocks; x-finish-content_filter leaves the message out of the answer, as the service does. */
#ifndef LOOPBACK_AZURE_H
#define LOOPBACK_AZURE_H
#include "chat.h"

#define AZURE_SAFE "{\"hate\":{\"filtered\":false,\"severity\":\"safe\"},\"jailbreak\":{\"filtered\":false,\"detected\":false}}"

static void azure_error(exchange *x, int status, const char *param, const char *code, const char *message) {
    char number[8];
    start_reply(x, status, "application/json");
    snprintf(number, sizeof number, "%d", status);
    if (code && !strcmp(code, "model_not_found")) code = "DeploymentNotFound";
    say(&x->reply.body, "{\"error\":{\"code\":%q,\"message\":%q", code ? code : status == 429 ? "RateLimitReached" : number, message);
    if (param) say(&x->reply.body, ",\"param\":%q,\"type\":null", param);
    if (code && !strcmp(code, "content_filter"))
        put_text(&x->reply.body, ",\"status\":400,\"innererror\":{\"code\":\"ResponsibleAIPolicyViolation\",\"content_filter_result\":{\"violence\":{\"filtered\":true,\"severity\":\"high\"}}}");
    put_text(&x->reply.body, "}}");
    add_header(x, "apim-request-id: 00000000-0000-4000-8000-%d", (long)x->number);
}
static int azure_auth(exchange *x) {
    const char *key = header(&x->req, "api-key"), *version = strstr(x->req.target, "?api-version=");
    int old = strstr(x->path, "/openai/deployments/") || strstr(x->path, "/models/chat/"), dated = version && is_digit(version[13]);
    if (!key) key = bearer_of(x);
    if (!key || is_bad_key(key)) return fail(x, 401, NULL, NULL, "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an active subscription and use a correct regional API endpoint for your resource.");
    if (old && !dated) return fail(x, 404, NULL, NULL, "Resource not found");
    return old || !dated || fail(x, 400, NULL, "BadRequest", "API version not supported");
}
static int azure_read(exchange *x) {
    if (!chat_read(x)) return 0;
    return !has_word(&x->ask.user, "blockme") || fail(x, 400, "prompt", "content_filter", "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.");
}
static void azure_unary(exchange *x) {
    buf *o = &x->reply.body;
    if (strcmp(x->b.finish, "content_filter")) {
        chat_unary(x);
        o->n -= 2;
    } else {
        start_reply(x, 200, "application/json");
        say(o, "{\"choices\":[{\"content_filter_results\":{\"hate\":{\"filtered\":true,\"severity\":\"high\"}},\"finish_reason\":\"content_filter\",\"index\":0}],\"model\":%q,\"usage\":", x->ask.model);
        chat_usage(x, o);
    }
    put_text(o, ",\"prompt_filter_results\":[{\"prompt_index\":0,\"content_filter_results\":" AZURE_SAFE "}]}");
    add_header(x, "apim-request-id: 00000000-0000-4000-8000-%d", (long)x->number);
}
static void azure_stream(exchange *x) {
    put_text(&x->reply.body, "data: {\"choices\":[],\"created\":0,\"id\":\"\",\"model\":\"\",\"object\":\"\",\"prompt_filter_results\":[{\"prompt_index\":0,\"content_filter_results\":" AZURE_SAFE "}]}\n\n");
    event_end(x);
    chat_stream(x);
}
static const dialect azure_dialect = { "azure", "text/event-stream; charset=utf-8", azure_auth, azure_read, azure_unary, azure_stream, chat_stream_error, azure_error };
#endif
