/* The shortest program: one question, one answer.  cc -std=c99 hello.c -lcurl && OPENAI_API_KEY=... ./a.out */
#define LLMFACTORY_IMPLEMENTATION
#include "llmfactory.h"
#include <stdio.h>

int main(int argc, char **argv) {
    llmf_factory *f = llmf_open(NULL, NULL);
    llmf_request req = {0};
    llmf_response r;
    req.prompt = "Say hi in three languages.";
    llmf_generate(f, llmf_get(f, argc > 1 ? argv[1] : "openai:gpt-4o-mini", NULL), &req, &r);
    puts(r.error.code ? r.error.text : r.text.ptr);
    llmf_close(f);
    return r.error.code;
}
