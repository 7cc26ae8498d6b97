/* Certificates out of anyone's bytes: every view stays inside of them. */
#define LLMF_WITH_BEARSSL 1
#include "../../src/wire/der.h"
#include <stdlib.h>

static void inside(llmf_str all, llmf_str part) {
    if (part.len && (part.ptr < all.ptr || part.ptr + part.len > all.ptr + all.len)) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    llmf_str all = llmfi_str((const char *)data, size), host = LLMFI_LIT("a.example.com");
    llmfi_cert c;
    if (size && size < 64) {
        (void)llmfi_host_matches(all, host);
        (void)llmfi_host_matches(host, all);
        (void)llmfi_host_is_number(all);
    }
    if (!llmfi_cert_read(all, &c)) return 0;
    inside(all, c.issuer);
    inside(all, c.subject);
    inside(all, c.algorithm);
    inside(all, c.curve);
    inside(all, c.key);
    inside(all, c.alt_names);
    inside(all, c.uses);
    (void)llmfi_cert_serves(&c);
    (void)llmfi_cert_is_of(&c, host, llmfi_str("", 0));
    (void)llmfi_cert_is_of(&c, host, llmfi_str("\177\0\0\1", 4));
    return 0;
}
