/* A build without a C library: what must be given is asked for by name, what it has not got says so, and with its hooks it answers. Its own functions for
   texts do what the library's do. */
#define LLMF_NO_STDLIB 1
#define LLMFACTORY_IMPLEMENTATION
#include "llmfactory.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static uint64_t block[1 << 17];              /* 1 MiB */
static uint64_t now_ms = 1;
static int alloc_calls;

static uint64_t clock_ns(void *user) {
    (void)user;
    return now_ms++ * 1000000u;
}

static void *give_block(void *user, void *ptr, size_t old_size, size_t size) {
    (void)user, (void)ptr, (void)old_size;
    alloc_calls++;
    return size && size <= sizeof block ? block : NULL;
}

static llmf_desc good_desc(void) {
    llmf_desc d;
    memset(&d, 0, sizeof d);
    d.memory = block;
    d.memory_size = sizeof block;
    d.clock_ns = clock_ns;
    d.api_key = "k";
    d.transport = "replay";
    return d;
}

/* It does not open, and the text names what is missing. */
static void refused(const llmf_desc *d, int code, const char *words) {
    llmf_error err;
    assert_null(llmf_open(d, &err));
    assert_int_equal(err.code, code);
    if (!strstr(err.text, words)) fail_msg("\"%s\" does not hold \"%s\"", err.text, words);
}

static void test_what_must_be_given(void **state) {
    llmf_desc d = good_desc();
    llmf_error err;
    (void)state;
    assert_null(llmf_open(NULL, &err));
    assert_int_equal(err.code, LLMF_ERR_ARGUMENT);
    d.memory = NULL;
    refused(&d, LLMF_ERR_ARGUMENT, "llmf_desc.memory is not set");
    d = good_desc();
    d.clock_ns = NULL;
    refused(&d, LLMF_ERR_ARGUMENT, "llmf_desc.clock_ns is not set");
    d = good_desc();
    d.memory_size = 1000;
    refused(&d, LLMF_ERR_MEMORY, "memory_size");
}

static void test_what_is_not_there(void **state) {
    llmf_desc d = good_desc();
    (void)state;
    assert_true(!LLMF_HAS_CURL && !LLMF_HAS_SOCKET && !LLMF_HAS_EPOLL && !LLMF_HAS_FILES && !LLMF_HAS_ENV && !LLMF_HAS_SOCKETS);
    d.transport = "socket";
    refused(&d, LLMF_ERR_NOT_BUILT, "socket");
    d = good_desc();
    d.env_file = "/etc/passwd";
    refused(&d, LLMF_ERR_NOT_BUILT, "LLMF_NO_FILES");
    assert_null(strstr(llmf_build_info(), "socket"));
    assert_non_null(strstr(llmf_build_info(), "no stdlib"));
}

static void test_a_block_by_the_hook(void **state) {
    llmf_desc d = good_desc();
    llmf_factory *f;
    (void)state;
    d.memory = NULL;
    d.alloc = give_block;
    alloc_calls = 0;
    f = llmf_open(&d, NULL);
    assert_non_null(f);
    llmf_close(f);
    assert_int_equal(alloc_calls, 2);
}

static void test_it_answers(void **state) {
    static const char body[] = "{\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"hello\"},\"finish_reason\":\"stop\"}],"
                               "\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":1.5e1}}";
    llmf_desc d = good_desc();
    llmf_recording recording;
    llmf_request req;
    llmf_response r;
    llmf_factory *f = llmf_open(&d, NULL);
    (void)state;
    assert_non_null(f);
    memset(&recording, 0, sizeof recording);
    recording.body = llmfi_str(body, sizeof body - 1);
    recording.chunk = 3;
    assert_int_equal(llmf_replay(f, &recording), LLMF_OK);
    memset(&req, 0, sizeof req);
    req.prompt = "hi";
    req.temperature = 0.7;
    assert_int_equal(llmf_generate(f, llmf_get(f, "openai:gpt-4o-mini", NULL), &req, &r), LLMF_OK);
    assert_string_equal(r.text.ptr, "hello");
    assert_true(r.usage.input == 9 && r.usage.output == 15);
    assert_true(r.latency_ms > 0);
    llmf_release(f, &r);
    llmf_close(f);
}

static void keep_report(void *user, const llmf_error *err) {
    *(llmf_error *)user = *err;
}

/* A check tries the config in a block of its own, never in the caller's, where a factory may live. */
static void test_a_check_needs_a_block(void **state) {
    llmf_desc d = good_desc();
    llmf_error err;
    (void)state;
    assert_int_equal(llmf_check(&d, keep_report, &err), 1);
    assert_non_null(strstr(err.text, "llmf_desc.alloc is not set"));
    assert_int_equal(llmf_min_memory(&d), 0);
}

/* What a signature needs is asked for where one is made. */
static void test_a_signature_needs_the_time(void **state) {
    llmf_stream_ops none;
    llmf_desc d = good_desc();
    llmf_request req;
    llmf_response r;
    llmf_factory *f;
    (void)state;
    memset(&none, 0, sizeof none);
    none.open = (void *(*)(void *, const char *, int, bool))1; /* never called: nothing is sent */
    none.read = (int (*)(void *, void *, char *, size_t))1;
    none.write = (int (*)(void *, void *, const char *, size_t))1;
    none.close = (void (*)(void *, void *))1;
    d.transport = NULL;
    d.api_key = NULL;
    d.custom_stream = &none;
    d.config_text = "models: {m: {provider: bedrock, model_id: amazon.nova-lite-v1:0, region_name: us-east-1, aws_access_key_id: AKIDEXAMPLE, aws_secret_access_key: s}}";
    f = llmf_open(&d, NULL);
    assert_non_null(f);
    memset(&req, 0, sizeof req);
    req.prompt = "hi";
    assert_int_equal(llmf_generate(f, llmf_get(f, "m", NULL), &req, &r), LLMF_ERR_ARGUMENT);
    assert_non_null(strstr(r.error.text, "llmf_desc.wall_ms"));
    llmf_release(f, &r);
    llmf_close(f);
}

static int sign(int n) {
    return (n > 0) - (n < 0);
}

static void test_texts(void **state) {
    static const char *const texts[] = {"", "a", "b", "ab", "abc", "ab\xFF", "/a/b/c", "aXbX", "\x80", "abcabcabcabcabcabcabc"};
    size_t i, k, n;
    int c;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(texts); i++) {
        const char *a = texts[i];
        assert_int_equal(llmfi_strlen(a), strlen(a));
        for (k = 0; k < LLMFI_COUNT(texts); k++) {
            assert_int_equal(sign(llmfi_strcmp(a, texts[k])), sign(strcmp(a, texts[k])));
            for (n = 0; n < 6; n++) assert_int_equal(sign(llmfi_strncmp(a, texts[k], n)), sign(strncmp(a, texts[k], n)));
        }
        for (c = 0; c < 256; c++) {
            assert_ptr_equal(llmfi_strchr(a, c), strchr(a, c));
            assert_ptr_equal(llmfi_strrchr(a, c), strrchr(a, c));
            for (n = 0; n <= strlen(a); n++) assert_ptr_equal(llmfi_memchr(a, c, n), memchr(a, c, n));
        }
    }
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_must_be_given),
        cmocka_unit_test(test_what_is_not_there),
        cmocka_unit_test(test_a_block_by_the_hook),
        cmocka_unit_test(test_it_answers),
        cmocka_unit_test(test_a_check_needs_a_block),
        cmocka_unit_test(test_a_signature_needs_the_time),
        cmocka_unit_test(test_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
