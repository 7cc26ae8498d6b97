/* 5. Embeddings: a text becomes a list of numbers, a vector, and texts of like meaning get vectors of like direction.
   Run it:   ./5-nearest openai:text-embedding-3-small "Where can I eat?" "The inn serves soup." "The ferry leaves at nine."
   It prints how near each sentence comes to the first text, and which is the nearest. (Link it with -lm besides -lcurl.) */
#define LLMFACTORY_IMPLEMENTATION
#include "llmfactory.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_TEXTS = 100 };

/* The cosine of the angle between two vectors: 1 is the same direction, 0 a right angle, -1 the opposite. */
static double cosine(const float *a, const float *b, size_t n) {
    double ab = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < n; i++) {
        ab += (double)a[i] * b[i];
        aa += (double)a[i] * a[i];
        bb += (double)b[i] * b[i];
    }
    return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : 0;
}

/* The vectors lie behind one another, `dimensions` numbers each. The first text is compared with all others. */
static void compare(const llmf_output *out, const llmf_str *texts) {
    size_t best = 1;
    double nearest = -2; /* less than any cosine */
    for (size_t i = 1; i < out->vector_count; i++) {
        double near = cosine(out->vectors, out->vectors + i * out->dimensions, out->dimensions);
        printf("%6.3f  %s\n", near, texts[i].ptr);
        if (near > nearest) nearest = near, best = i;
    }
    printf("nearest: %s\n", texts[best].ptr);
}

int main(int argc, char **argv) {
    llmf_str texts[MAX_TEXTS];
    llmf_input input = {0};
    llmf_request request = {0};
    llmf_response response = {0};
    llmf_error error;
    llmf_model model = {0};
    llmf_factory *f;
    if (argc < 4 || argc > 2 + MAX_TEXTS) return fprintf(stderr, "usage: 5-nearest MODEL TEXT SENTENCE... (at most %d texts)\n", MAX_TEXTS), 2;
    f = llmf_open(NULL, &error);
    if (f) model = llmf_get(f, argv[1], &error);
    if (!model.id) return fprintf(stderr, "%s\n", error.text), llmf_close(f), 1;

    for (int i = 2; i < argc; i++) texts[i - 2].ptr = argv[i], texts[i - 2].len = strlen(argv[i]);
    input.texts = texts;
    input.text_count = (size_t)argc - 2;
    request.op = LLMF_OP_EMBED; /* not a chat: vectors of the texts in input */
    request.input = &input;
    if (llmf_generate(f, model, &request, &response) == LLMF_OK) compare(response.output, texts);
    else fprintf(stderr, "%s\n", response.error.text);
    llmf_release(f, &response);
    llmf_close(f);
    return response.error.code == LLMF_OK ? 0 : 1;
}
