/* Public keys that a server must have one of, in the form of libcurl's CURLOPT_PINNEDPUBLICKEY: "sha256//" and base64 of the hash, with ";" between them. */
#ifndef LLMFI_NET_PINS_H
#define LLMFI_NET_PINS_H
#include "sys.h"
#include "../base/base64.h"
#include "../base/hash.h"
#include "../base/text.h"

#define LLMFI_PIN_TEXT 44                    /* base64 of a SHA-256 */

/* The next of them, "" too; false: there is none. `in` with ptr NULL: it was the last. */
static bool llmfi_pin_next(llmf_str *in, llmf_str *pin) {
    size_t end;
    if (!in->ptr) return false;
    end = llmfi_find_char(*in, ';');
    *pin = llmfi_str(in->ptr, end == LLMFI_NOWHERE ? in->len : end);
    *in = end == LLMFI_NOWHERE ? llmfi_str(NULL, 0) : llmfi_from(*in, end + 1);
    return true;
}

/* libcurl compares texts: what another text decodes to as well would never match. */
static bool llmfi_pin_ok(llmf_str pin) {
    char hash[LLMFI_SHA256], text[LLMFI_PIN_TEXT];
    size_t len;
    llmf_str base64 = llmfi_from(pin, pin.len - LLMFI_PIN_TEXT);
    return pin.len == 8 + LLMFI_PIN_TEXT && llmfi_starts(pin, LLMFI_LIT("sha256//")) && llmfi_base64_decode(base64, hash, sizeof hash, &len) && len == sizeof hash &&
           llmfi_base64_encode(text, hash, sizeof hash) == sizeof text && !memcmp(text, base64.ptr, sizeof text);
}

/* False with *err, which shows the first that is none. */
LLMFI_UNUSED static bool llmfi_pins_ok(const char *pins, llmf_error *err) {
    llmf_str in = llmfi_cstr(pins), pin;
    while (llmfi_pin_next(&in, &pin))
        if (!llmfi_pin_ok(pin))
            return llmfi_error_about(err, LLMF_ERR_ARGUMENT, "llmf_desc.pinned_keys: \"", pin, "\" is not \"sha256//\" and the 44 characters of a SHA-256 in base64; \";\" stands between two of them");
    return true;
}

/* Is it the hash of this SubjectPublicKeyInfo, in DER, that one of them has? They are well formed. */
LLMFI_UNUSED static bool llmfi_pins_match(const char *pins, llmf_str key) {
    unsigned char hash[LLMFI_SHA256];
    char text[LLMFI_PIN_TEXT];
    llmfi_sha256 s;
    llmf_str in = llmfi_cstr(pins), pin;
    llmfi_sha256_init(&s);
    llmfi_sha256_add(&s, key.ptr, key.len);
    llmfi_sha256_end(&s, hash);
    (void)llmfi_base64_encode(text, hash, sizeof hash);
    while (llmfi_pin_next(&in, &pin))
        if (llmfi_eq(llmfi_from(pin, pin.len - sizeof text), llmfi_str(text, sizeof text))) return true;
    return false;
}

#define LLMFI_PINS_WORDS LLMFI_WORDS("the server's key is none of llmf_desc.pinned_keys")

#endif
