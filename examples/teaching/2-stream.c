/* 2. Streaming: the words appear as the model writes them, and the program can do other things meanwhile.

   A call goes on only while llmf_poll runs. What has come lies in a queue, from which llmf_next takes one event after another:
       TEXT, TEXT, TEXT, ... and at last DONE, or ERROR.      Run it:   ./2-stream ollama:llama3.2 "Tell me a story." */
#define LLMFACTORY_IMPLEMENTATION
#include "llmfactory.h"
#include <stdio.h>

int main(int argc, char **argv) {
    llmf_factory *f;
    llmf_model model = {0};
    llmf_request request = {0};
    llmf_call call; /* the number of a question that is under way */
    llmf_event event;
    llmf_error error;
    int running = 1, status = 0;

    if (argc != 3) {
        fprintf(stderr, "usage: %s MODEL QUESTION\n", argv[0]);
        return 2;
    }
    f = llmf_open(NULL, &error);
    if (f) model = llmf_get(f, argv[1], &error);
    if (!model.id) {
        fprintf(stderr, "%s\n", error.text);
        llmf_close(f); /* of NULL: does nothing, as free() */
        return 1;
    }

    request.prompt = argv[2];
    request.stream = true;
    call = llmf_start(f, model, &request); /* returns at once: nothing has been sent yet */

    while (running && llmf_poll(f, 50) >= 0) { /* works until something has come, but at most 50 milliseconds */
        /* Here a program would draw its window or read its keys: it gets here at least 20 times a second. */
        while (llmf_next(f, call, &event)) {
            if (event.type == LLMF_EVENT_TEXT) {
                /* A piece of text has a length and no NUL behind it: so fwrite, not printf("%s"). */
                fwrite(event.text.ptr, 1, event.text.len, stdout);
                fflush(stdout);
            }
            if (event.type == LLMF_EVENT_ERROR) {
                fprintf(stderr, "\n%s\n", event.response->error.text);
                status = 1;
            }
            if (event.type == LLMF_EVENT_DONE || event.type == LLMF_EVENT_ERROR) running = 0; /* exactly one of them comes */
        }
    }
    printf("\n");
    llmf_free(f, call); /* each call that was started is given back */
    llmf_close(f);
    return status;
}
