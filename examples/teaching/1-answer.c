/* 1. A first answer: one question, one answer, and what to do when it fails.

   Build it:   cc -std=c99 -I../.. 1-answer.c -lcurl -o 1-answer
   Run it:     OPENAI_API_KEY=... ./1-answer openai:gpt-4o-mini "Why is the sky blue?"
   Or, with a model on your own machine, which needs no key:     ./1-answer ollama:llama3.2 "Why is the sky blue?" */

/* llmfactory.h holds declarations and code in one file. This line asks for the code: write it in exactly one .c file of a program. */
#define LLMFACTORY_IMPLEMENTATION
#include "llmfactory.h"
#include <stdio.h>

int main(int argc, char **argv) {
    llmf_factory *f;            /* holds everything: settings, connections, memory */
    llmf_model model;           /* which model we talk to */
    llmf_request request = {0}; /* what we ask; {0} sets every field to zero, and zero means "the default" */
    llmf_response response;     /* what comes back */
    llmf_error error;           /* why something failed, in words */
    int status = 0;

    if (argc != 3) {
        fprintf(stderr, "usage: %s MODEL QUESTION\n", argv[0]);
        return 2;
    }

    /* Step 1: open the factory. NULL: without a settings file. Functions that can fail say so, and we look each time. */
    f = llmf_open(NULL, &error);
    if (!f) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }

    /* Step 2: turn the name into a model. A model whose id is 0 is none: the name may be misspelt. */
    model = llmf_get(f, argv[1], &error);
    if (!model.id) {
        fprintf(stderr, "%s\n", error.text);
        llmf_close(f);
        return 1;
    }

    /* Step 3: ask, and wait for the whole answer. */
    request.prompt = argv[2];
    if (llmf_generate(f, model, &request, &response) == LLMF_OK) {
        printf("%s\n", response.text.ptr);
        printf("(%lld tokens read, %lld written)\n", (long long)response.usage.input, (long long)response.usage.output);
    } else {
        fprintf(stderr, "%s\n", response.error.text);
        status = 1;
    }

    /* Step 4: give back what we were lent, in the opposite order. The answer's text is gone after llmf_release. */
    llmf_release(f, &response);
    llmf_close(f);
    return status;
}
