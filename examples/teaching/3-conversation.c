/* 3. A conversation. A model remembers nothing: each question is sent together with all that was said before.
   Run it:   ./3-conversation ollama:llama3.2     then type; end with Ctrl-D. */
#define LLMFACTORY_IMPLEMENTATION
#include "llmfactory.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_MESSAGES = 40, LINE_SIZE = 1000 };

/* Remembers who said what. The text is copied, because the buffer or answer that it comes from will not last. */
static int remember(llmf_message *history, size_t *count, int role, const char *text) {
    char *copy = malloc(strlen(text) + 1);
    if (!copy) return 0; /* no memory left */
    strcpy(copy, text);
    history[*count].role = role;
    history[*count].content = copy;
    ++*count;
    return 1;
}

/* One turn adds two messages to the history: the user's and the assistant's. */
static int turn(llmf_factory *f, llmf_model model, llmf_message *history, size_t *count, const char *question) {
    llmf_request request = {0};
    llmf_response response;
    int good;
    if (!remember(history, count, LLMF_USER, question)) return 0;
    request.system = "You are a patient teacher. Answer in one sentence."; /* goes before the history, each time */
    request.messages = history;
    request.message_count = *count;
    good = llmf_generate(f, model, &request, &response) == LLMF_OK;
    if (good) printf("%s\n", response.text.ptr);
    else fprintf(stderr, "%s\n", response.error.text);
    if (good) good = remember(history, count, LLMF_ASSISTANT, response.text.ptr);
    llmf_release(f, &response);
    return good;
}

int main(int argc, char **argv) {
    static llmf_message history[MAX_MESSAGES]; /* static: all zero at first */
    char line[LINE_SIZE];
    size_t count = 0;
    int good;
    llmf_error error;
    llmf_factory *f = llmf_open(NULL, &error);
    llmf_model model = {0};
    if (f) model = llmf_get(f, argc > 1 ? argv[1] : NULL, &error);
    good = model.id != 0;
    if (!good) fprintf(stderr, "%s\n", error.text);
    while (good && count + 2 <= MAX_MESSAGES && fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = '\0'; /* cuts off the end of the line */
        if (line[0]) good = turn(f, model, history, &count, line);
    }
    while (count > 0) free((void *)history[--count].content);
    llmf_close(f);
    return good ? 0 : 1;
}
