/* Reading JSON that has come, by views and without a tree. */
#ifndef LLMFI_TASKS_JSON_VIEW_H
#define LLMFI_TASKS_JSON_VIEW_H
#include "../base/json.h"

LLMF_API bool llmf_json_each(llmf_str json, size_t *at, llmf_str *key, llmf_str *value) {
    llmfi_json j;
    int token;
    llmf_str name = llmfi_str("", 0);
    if (*at == 0) {
        llmfi_json_init(&j, json, true);
        token = llmfi_json_next(&j);
        if (token != LLMFI_J_OBJECT && token != LLMFI_J_ARRAY) return false;
    } else { /* behind a value, in the same container: its kind stands at the front */
        llmf_str front = llmfi_trim(json);
        if (*at >= json.len || !front.len) return false;
        llmfi_json_init(&j, llmfi_str(front.ptr, 1), false);
        llmfi_json_next(&j);
        j.want = json.ptr[*at - 1] == ',' ? j.item : LLMFI_JW_COMMA | LLMFI_JW_CLOSE; /* the reader may have taken the comma along */
        llmfi_json_feed(&j, llmfi_from(json, *at), true);
    }
    if (llmfi_json_in_object(&j)) {
        if (llmfi_json_next(&j) != LLMFI_J_KEY) return false;
        name = j.text;
    }
    token = llmfi_json_raw(&j, value);
    if (token <= 0 || token == LLMFI_J_ARRAY_END || token == LLMFI_J_END) return false;
    if (key) *key = name;
    *at = (size_t)(j.at - json.ptr);
    return true;
}

LLMF_API bool llmf_json_get(llmf_str json, const char *name, llmf_str *value) {
    llmf_str key, v;
    size_t at = 0;
    while (llmf_json_each(json, &at, &key, &v)) {
        if (!llmfi_eq(key, llmfi_cstr(name))) continue;
        *value = v;
        return true;
    }
    return false;
}

/* Bytes of the first character or escape of a string's raw text; a surrogate pair is one. */
static size_t llmfi_json_step(llmf_str raw) {
    size_t n = 1;
    if (raw.ptr[0] == '\\') {
        bool high = raw.ptr[1] == 'u' && llmfi_hex(raw.ptr[2]) == 13 && llmfi_hex(raw.ptr[3]) >= 8 && llmfi_hex(raw.ptr[3]) < 12;
        return raw.ptr[1] != 'u' ? 2 : high && raw.len >= 12 && raw.ptr[6] == '\\' && raw.ptr[7] == 'u' ? 12 : 6;
    }
    while (n < raw.len && n < 4 && ((unsigned char)raw.ptr[n] & 0xC0) == 0x80) n++;
    return n;
}

LLMF_API size_t llmf_json_string(llmf_str value, char *out, size_t cap) {
    llmfi_json j;
    llmf_str raw;
    size_t len = 0;
    llmfi_json_init(&j, value, true);
    if (llmfi_json_next(&j) != LLMFI_J_STRING) return LLMF_NOT_A_STRING;
    raw = j.text;
    while (raw.len) { /* step by step: the caller's room is for the result, decoding at once may need more */
        char piece[36];
        size_t step = llmfi_json_step(raw), n = llmfi_json_decode(piece, llmfi_str(raw.ptr, step)), i;
        for (i = 0; i < n; i++, len++)
            if (len + 1 < cap) out[len] = piece[i];
        raw = llmfi_from(raw, step);
    }
    if (cap) out[len < cap ? len : cap - 1] = '\0';
    return len;
}

LLMF_API bool llmf_json_number(llmf_str value, double *out) {
    llmfi_json j;
    llmfi_json_init(&j, value, true);
    return llmfi_json_next(&j) == LLMFI_J_NUMBER && llmfi_parse_double(j.text, out);
}

LLMF_API bool llmf_json_valid(llmf_str json, size_t *bad) {
    llmfi_json j;
    int token;
    llmfi_json_init(&j, json, true);
    do token = llmfi_json_next(&j);
    while (token > 0 && token != LLMFI_J_END);
    if (bad) *bad = token == LLMFI_J_ERROR ? (size_t)j.error_offset : json.len;
    return token == LLMFI_J_END;
}

#endif
