/* Any bytes as the address of a config source, whose request goes nowhere but to Amazon, or as the reply of a config service: every view stays inside of it, what is handed out is valid UTF-8 or JSON, its length is the one that was told, and a
   key id is never repeated. The first byte of the input chooses the operation and the status. */
#include <stdlib.h>
#include "../../src/factory/aws_services.h"
#include "../../src/tasks/json_view.h"

static char out[1 << 17], block[1 << 17];

static void check(bool ok) {
    if (!ok) abort();
}

static void inside(llmf_str all, llmf_str part) {
    check(!part.len || (part.ptr >= all.ptr && part.ptr + part.len <= all.ptr + all.len));
}

static void elements(llmf_str all) {
    llmfi_xml x;
    llmfi_out o;
    uint32_t depth = 0;
    size_t events = 0;
    int got;
    llmfi_xml_init(&x, all);
    while ((got = llmfi_xml_next(&x)) > LLMFI_XML_END) {
        depth = got == LLMFI_XML_OPEN ? depth + 1 : depth - 1;
        check(depth == x.depth && depth <= LLMFI_XML_DEPTH && ++events <= all.len);
        inside(all, x.name);
        inside(all, x.inner);
        llmfi_out_window(&o, out, sizeof out, 0);
        if (got == LLMFI_XML_CLOSE && llmfi_xml_put(&o, x.inner)) check(llmfi_utf8_valid(llmfi_str(out, o.len), NULL));
    }
    check((got == LLMFI_XML_END) == (x.error == NULL) && (got != LLMFI_XML_END || (!depth && events)));
    check(llmfi_xml_next(&x) == got);
}

static void page(llmf_str all) {
    llmfi_s3_page p;
    llmf_error err;
    size_t items = 0;
    if (!llmfi_s3_page_begin(&p, all, LLMFI_LIT("s3://b/"), &err)) {
        check(err.code == LLMF_ERR_PROTOCOL);
        return;
    }
    check(!p.more || p.token.len);
    inside(all, p.token);
    while (llmfi_s3_list_next(&p) != LLMFI_S3_END) {
        inside(all, p.key);
        inside(all, p.etag);
        check(++items <= all.len);
    }
}

/* No key id stands in the text; within a word it is none, nor is one that ends in asterisks, as its owner masks it. */
static void secret(const char *text) {
    const char *at, *end;
    for (at = text; (at = strstr(at, "AKIAIOSFODNN7EXAMPLE")) != NULL; at++) {
        for (end = at; llmfi_fault_key_char(*end); end++) {}
        check(*end == '*' || (at > text && llmfi_fault_key_char(at[-1])));
    }
}

static void decode(const char *operation, int status, llmf_str all, size_t cap) {
    llmf_error err, again;
    size_t n = llmf_aws_decode(operation, status, all, out, sizeof out, &err);
    check((n != 0) == (err.code == LLMF_OK) && (n == 0 || status == 200));
    check(n < sizeof out && (!n || (strlen(out) == n && llmf_json_valid(llmfi_str(out, n), NULL))));
    check(llmfi_utf8_valid(llmfi_cstr(err.text), NULL) && llmfi_utf8_valid(err.message, NULL) && llmfi_utf8_valid(llmfi_cstr(err.provider_code), NULL));
    if (!n) secret(err.text);
    check(llmf_aws_decode(operation, status, all, out, cap, &again) == n && again.code == err.code && (!cap || strlen(out) < cap));
}

/* Without an endpoint the host is the service's, whatever the address says. */
static void goes_to_amazon(llmf_str address, llmf_str sent) {
    llmfi_url url;
    llmfi_url_error bad;
    check(llmfi_url_parse(sent, &url, &bad) && LLMFI_IS(url.scheme, "https") && url.port == 443);
    check(llmfi_find_nocase(url.host, llmfi_starts(address, LLMFI_LIT("ssm:")) ? LLMFI_LIT("ssm.") : LLMFI_LIT("s3.")) != LLMFI_NOWHERE);
    check(llmfi_ends(url.host, LLMFI_LIT(".amazonaws.com")) || llmfi_ends(url.host, LLMFI_LIT(".amazonaws.com.cn")) || llmfi_ends(url.host, LLMFI_LIT(".amazonaws.eu")) ||
          llmfi_ends(url.host, LLMFI_LIT(".gov")) || llmfi_ends(url.host, LLMFI_LIT(".uk")));
}

static void source(llmf_str all, uint8_t fail_at) {
    static const llmfi_aws_keys keys = { { "ID", 2 }, { "SECRET", 6 }, { "TOKEN", 5 } };
    llmfi_heap heap;
    llmfi_arena arena;
    llmfi_aws_source s;
    llmfi_service_request q;
    llmfi_service_signed sent;
    llmfi_s3_wanted want;
    llmf_error err;
    llmfi_heap_init(&heap, block, sizeof block);
    heap.fail_at = fail_at;
    llmfi_arena_init(&arena, &heap, 0);
    llmfi_service_request_init(&q, &heap);
    llmfi_service_signed_init(&sent, &heap);
    memset(&want, 0, sizeof want);
    if (llmfi_aws_source_parse(&s, all, &arena, &err)) {
        bool good;
        if (!s.place.region.len) s.place.region = LLMFI_LIT("us-east-1");
        want.prefix = s.name;
        good = s.op == LLMFI_SERVICE_SSM_GET ? llmfi_ssm_get(&q, &s.place, s.name, &err) :
               s.op == LLMFI_SERVICE_S3_LIST ? llmfi_s3_list(&q, &s.place, s.bucket, &want, &err) : llmfi_s3_get(&q, &s.place, s.bucket, s.name, llmfi_str("", 0), &err);
        if (good && !s.place.endpoint.len) goes_to_amazon(all, llmfi_buf_str(&q.url));
        if (good && llmfi_service_sign(&q, &keys, 0, &sent, &err)) check(sent.header_count >= 4 && sent.header_count <= LLMFI_COUNT(sent.headers));
    } else {
        check(llmfi_utf8_valid(llmfi_cstr(err.text), NULL) && (err.code == LLMF_ERR_CONFIG || (err.code == LLMF_ERR_MEMORY && fail_at)));
    }
    llmfi_service_request_free(&q);
    llmfi_service_signed_free(&sent);
    llmfi_arena_free(&arena);
    check(heap.used == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const int statuses[] = { 200, 400, 403, 301 };
    llmf_str all, region;
    llmf_error err;
    char *copy;
    int op, status, got;
    if (size < 2 || size > 8192) return 0;
    copy = (char *)malloc(size > 2 ? size - 2 : 1); /* of its exact size, so that a byte read too many is seen */
    if (!copy) abort();
    memcpy(copy, data + 2, size - 2);
    all = llmfi_str(copy, size - 2);
    if (data[0] & 8) {
        source(all, data[1] % 8);
        free(copy);
        return 0;
    }
    op = data[0] % LLMFI_SERVICE_OPS;
    status = statuses[data[0] >> 6];
    elements(all);
    page(all);
    decode(llmfi_service_ops[op].name, status, all, data[1]);
    got = llmfi_service_judge(op, status, LLMFI_LIT("us-east-1"), llmfi_str("", 0), all, LLMFI_LIT("x"), &region, &err);
    check((got == LLMFI_SERVICE_GOOD) == (status == 200) && (got == LLMFI_SERVICE_REGION) == (region.len != 0));
    inside(all, region);
    check(!region.len || llmfi_service_region_ok(region));
    free(copy);
    return 0;
}
