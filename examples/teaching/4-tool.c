/* 4. A tool: a function of our program that the model may ask for. The model runs nothing itself: it answers with the name of the tool and
   its arguments, we run it and send the result, and the model answers with that in mind.
   Run it:   ./4-tool ollama:llama3.2 "Do I need an umbrella in Bergen?" */
#define LLMFACTORY_IMPLEMENTATION
#include "llmfactory.h"
#include <stdio.h>

/* The tool. Its arguments are JSON that a model wrote: we trust nothing in it. */
static const char *weather(llmf_str arguments) {
    llmf_str value;
    char city[64];
    if (!llmf_json_get(arguments, "city", &value) || llmf_json_string(value, city, sizeof city) >= sizeof city) return "error: a city is needed";
    printf("[the model asks for the weather in %s]\n", city);
    return "rain, 7 degrees";
}

/* Asks, runs the tool if the model wants it, asks again. Returns whether all went well. */
static int ask(llmf_factory *f, llmf_model model, const char *question) {
    llmf_tool tool = {.name = "weather",
                      .description = "The weather in a city now",
                      .parameters = /* a JSON Schema of its arguments */
                      "{\"type\": \"object\", \"properties\": {\"city\": {\"type\": \"string\"}}, \"required\": [\"city\"]}"};
    llmf_message messages[3] = {{.role = LLMF_USER, .content = question}};
    llmf_request request = {.messages = messages, .message_count = 1, .tools = &tool, .tool_count = 1};
    llmf_response first, second = {0}, *last = &first;
    if (llmf_generate(f, model, &request, &first) == LLMF_OK && first.tool_call_count > 0) {
        const llmf_tool_call *wish = first.tool_calls; /* of several, the first */
        messages[1].role = LLMF_ASSISTANT; /* what the model said, its wish included */
        messages[1].content = first.text.ptr;
        messages[1].tool_calls = wish;
        messages[1].tool_call_count = 1;
        messages[1].state = first.state; /* opaque: some models need it to go on with a thought */
        messages[2].role = LLMF_TOOL; /* what the tool said, and to which wish */
        messages[2].tool_call_id = wish->id;
        messages[2].name = wish->name;
        messages[2].content = weather(wish->arguments);
        request.message_count = 3;
        last = &second;
        llmf_generate(f, model, &request, &second);
    }
    if (last->error.code == LLMF_OK) printf("%s\n", last->text.ptr);
    else fprintf(stderr, "%s\n", last->error.text);
    llmf_release(f, &second); /* does nothing where there was none: all of it is zero then */
    llmf_release(f, &first);
    return last->error.code == LLMF_OK;
}

int main(int argc, char **argv) {
    llmf_error error;
    llmf_factory *f = llmf_open(NULL, &error);
    llmf_model model = {0};
    int good = 0;
    if (f) model = llmf_get(f, argc > 1 ? argv[1] : NULL, &error);
    if (model.id) good = ask(f, model, argc > 2 ? argv[2] : "Do I need an umbrella in Bergen?");
    else fprintf(stderr, "%s\n", error.text);
    llmf_close(f);
    return good ? 0 : 1;
}
