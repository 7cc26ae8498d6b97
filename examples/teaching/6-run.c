/* 6. A run: what 4-tool.c does by hand, done for us. We say which functions there are; the library calls those that the model wants, sends their
   results, and asks again, until the model has its answer. Here there are two, so that the model can use the result of one for the other.
   Run it:   ./6-run ollama:llama3.2 "What is the temperature in Bergen in Fahrenheit?" */
#define LLMFACTORY_IMPLEMENTATION
#include "llmfactory.h"
#include <stdio.h>
#include <string.h>

/* A function has the same three parameters always: our own pointer (not used here), what the model wants, and where the result goes. */
static int temperature(void *user, const llmf_tool_use *use, llmf_out *result) {
    llmf_str value;
    char city[64];
    (void)user;
    if (!llmf_json_get(use->arguments, "city", &value) || llmf_json_string(value, city, sizeof city) >= sizeof city) {
        llmf_out_write(result, "a city is needed", 16); /* the model reads this, and can try again */
        return LLMF_TOOL_ERROR;
    }
    printf("[the model asks for the temperature in %s]\n", city);
    llmf_out_write(result, "7 degrees Celsius", 17);
    return LLMF_TOOL_OK;
}

static int fahrenheit(void *user, const llmf_tool_use *use, llmf_out *result) {
    llmf_str value;
    double celsius;
    char text[32];
    (void)user;
    if (!llmf_json_get(use->arguments, "celsius", &value) || !llmf_json_number(value, &celsius)) return LLMF_TOOL_ERROR;
    printf("[the model asks what %g degrees are in Fahrenheit]\n", celsius);
    snprintf(text, sizeof text, "%g", celsius * 9 / 5 + 32);
    llmf_out_write(result, text, strlen(text));
    return LLMF_TOOL_OK;
}

static const llmf_function functions[] = {
    {.tool = {.name = "temperature", .description = "The temperature in a city now", .parameters = "{\"type\": \"object\", \"properties\": {\"city\": {\"type\": \"string\"}}}"}, .run = temperature},
    {.tool = {.name = "fahrenheit", .description = "Degrees Celsius in Fahrenheit", .parameters = "{\"type\": \"object\", \"properties\": {\"celsius\": {\"type\": \"number\"}}}"}, .run = fahrenheit},
};

int main(int argc, char **argv) {
    llmf_request request = {.prompt = argc > 2 ? argv[2] : "What is the temperature in Bergen in Fahrenheit?"};
    llmf_run_desc run = {.request = &request, .functions = functions, .function_count = 2}; /* a model that never ends is stopped after ten answers */
    llmf_response response = {0};
    llmf_error error;
    llmf_factory *f = llmf_open(NULL, &error);
    llmf_model model = {0};
    int good = 0;
    if (f) model = llmf_get(f, argc > 1 ? argv[1] : NULL, &error);
    if (model.id) {
        good = llmf_run(f, model, &run, &response) == LLMF_OK;
        if (good) printf("%s\n(%d messages in all)\n", response.text.ptr, (int)response.message_count);
        else fprintf(stderr, "%s\n", response.error.text);
        llmf_release(f, &response);
    } else {
        fprintf(stderr, "%s\n", error.text);
    }
    llmf_close(f);
    return good ? 0 : 1;
}
