/* Prints a request to a config service as our code makes and signs it, for test_server.py to send.   ask OPERATION ENDPOINT REGION NAME [KEY|STAGE|PREFIX [ETAG|TOKEN]]
   The keys are those of the environment; PATH_STYLE=1 puts the bucket into the path. */
#define LLMFACTORY_IMPLEMENTATION
#include "llmfactory.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static char block[1 << 16];

static llmf_str argument(int argc, char **argv, int i) {
    return llmfi_cstr(i < argc ? argv[i] : "");
}

static void say(llmf_str s) {
    fwrite(s.ptr, 1, s.len, stdout);
}

int main(int argc, char **argv) {
    llmfi_heap heap;
    llmfi_service_request q;
    llmfi_service_signed s;
    llmfi_service_place place;
    llmfi_s3_wanted want;
    llmfi_aws_keys keys;
    llmf_error err;
    llmf_str name = argument(argc, argv, 4), more = argument(argc, argv, 5), last = argument(argc, argv, 6);
    size_t i;
    bool good = false;
    int op = 0;
    if (argc < 5) return 2;
    memset(&place, 0, sizeof place);
    memset(&want, 0, sizeof want);
    llmfi_error_clear(&err);
    llmfi_heap_init(&heap, block, sizeof block);
    llmfi_service_request_init(&q, &heap);
    llmfi_service_signed_init(&s, &heap);
    place.endpoint = argument(argc, argv, 2);
    place.region = argument(argc, argv, 3);
    place.path_style = getenv("PATH_STYLE") != NULL;
    keys.id = llmfi_cstr(getenv("AWS_ACCESS_KEY_ID"));
    keys.secret = llmfi_cstr(getenv("AWS_SECRET_ACCESS_KEY"));
    keys.token = llmfi_cstr(getenv("AWS_SESSION_TOKEN"));
    want.prefix = more;
    want.token = last;
    want.delimiter = llmfi_cstr(getenv("DELIMITER"));
    while (op < LLMFI_SERVICE_OPS && strcmp(llmfi_service_ops[op].name, argv[1]) != 0) op++;
    switch (op) {
    case LLMFI_SERVICE_S3_GET: good = llmfi_s3_get(&q, &place, name, more, last, &err); break;
    case LLMFI_SERVICE_S3_LIST: good = llmfi_s3_list(&q, &place, name, &want, &err); break;
    case LLMFI_SERVICE_SSM_GET: good = llmfi_ssm_get(&q, &place, name, &err); break;
    case LLMFI_SERVICE_SECRET_GET: good = llmfi_secret_get(&q, &place, name, more, &err); break;
    default: return 2;
    }
    if (!good || !llmfi_service_sign(&q, &keys, (int64_t)time(NULL) * 1000, &s, &err)) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    say(q.method);
    printf(" ");
    say(llmfi_buf_str(&q.url));
    for (i = 0; i < s.header_count; i++) {
        printf("\n");
        say(s.headers[i].name);
        printf(": ");
        say(s.headers[i].value);
    }
    printf("\n\n");
    say(llmfi_buf_str(&q.body));
    return 0;
}
