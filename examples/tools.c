/* A model that calls C functions: one that answers at once, and one whose answer comes some frames later. ./tools MODEL QUESTION */
#define LLMFACTORY_IMPLEMENTATION
#include "llmfactory.h"
#include <stdio.h>
#include <string.h>

/* What the function says is written to `result`, as text for the model. */
static int weather(void *user, const llmf_tool_use *use, llmf_out *result) {
    llmf_str value;
    char city[80];
    (void)user;
    if (!llmf_json_get(use->arguments, "city", &value) || llmf_json_string(value, city, sizeof city) >= sizeof city) {
        llmf_out_write(result, "which city?", 11); /* the model is told, and may ask better */
        return LLMF_TOOL_ERROR;
    }
    llmf_out_write(result, "rain in ", 8);
    llmf_out_write(result, city, strlen(city));
    return LLMF_TOOL_OK;
}

/* The dice of a game: they roll for a while, and the game goes on meanwhile. */
struct dice {
    const llmf_tool_use *rolling; /* NULL: they lie still */
    int frames;
};

static int roll(void *user, const llmf_tool_use *use, llmf_out *result) {
    struct dice *d = user;
    if (d->rolling) return llmf_out_write(result, "the dice are rolling already", 28), LLMF_TOOL_ERROR;
    d->rolling = use;
    d->frames = 5;
    return LLMF_TOOL_PENDING;
}

static void stop_rolling(void *user, const llmf_tool_use *use) {
    (void)use;
    ((struct dice *)user)->rolling = NULL;
}

static void one_frame(llmf_factory *f, struct dice *d) {
    llmf_str three = {"3", 1};
    if (!d->rolling || d->frames-- > 0) return;
    llmf_tool_done(f, d->rolling->call, d->rolling->id, three, 0);
    d->rolling = NULL;
}

int main(int argc, char **argv) {
    struct dice dice = {0};
    llmf_function functions[2] = {{{"weather", "The weather of a city", "{\"type\": \"object\", \"properties\": {\"city\": {\"type\": \"string\"}}}", false}, weather, NULL, NULL, 0},
                                  {{"roll", "Rolls the dice", NULL, false}, roll, stop_rolling, NULL, 10000}};
    llmf_request req = {0};
    llmf_run_desc run = {0};
    llmf_error err;
    llmf_event ev;
    llmf_call c;
    llmf_factory *f;
    int status = 1;
    if (argc != 3) return fprintf(stderr, "usage: tools MODEL QUESTION\n"), 2;
    if (!(f = llmf_open(NULL, &err))) return fprintf(stderr, "%s\n", err.text), 1;
    functions[1].user = &dice;
    req.prompt = argv[2];
    req.stream = true;
    run.request = &req;
    run.functions = functions;
    run.function_count = 2;
    c = llmf_start_run(f, llmf_get(f, argv[1], &err), &run);
    do {
        one_frame(f, &dice);
        while (llmf_next(f, c, &ev)) {
            if (ev.type == LLMF_EVENT_TEXT) fwrite(ev.text.ptr, 1, ev.text.len, stdout);
            if (ev.type == LLMF_EVENT_TOOL_RESULT) printf("[%s %s: %.*s]\n", ev.tool->name.ptr, ev.tool->arguments.ptr, (int)ev.text.len, ev.text.ptr);
            if (ev.type == LLMF_EVENT_DONE) printf("\n(%d requests, %d messages)\n", (int)ev.response->attempt_total, (int)ev.response->message_count), status = 0;
            if (ev.type == LLMF_EVENT_ERROR) fprintf(stderr, "%s\n", ev.response->error.text);
        }
    } while (llmf_poll(f, 10) > 0);
    llmf_free(f, c);
    llmf_close(f);
    return status;
}
