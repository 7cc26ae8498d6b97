/* Event-stream frames for tests, made from what stands in them. */
#ifndef TEST_FRAMES_H
#define TEST_FRAMES_H
#include "../../src/base/hash.h"

static void frame_u32(unsigned char *to, size_t value) {
    to[0] = (unsigned char)(value >> 24);
    to[1] = (unsigned char)(value >> 16);
    to[2] = (unsigned char)(value >> 8);
    to[3] = (unsigned char)value;
}

/* Both checksums of a frame of `len` bytes, whose lengths stand already. */
LLMFI_UNUSED static void frame_seal(unsigned char *frame, size_t len) {
    frame_u32(frame + 8, llmfi_crc32(0, frame, 8));
    frame_u32(frame + len - 4, llmfi_crc32(0, frame, len - 4));
}

/* Puts a frame of these headers and this payload at `to`; its length. */
LLMFI_UNUSED static size_t frame_put(unsigned char *to, llmf_str headers, llmf_str payload) {
    size_t len = 16 + headers.len + payload.len;
    frame_u32(to, len);
    frame_u32(to + 4, headers.len);
    if (headers.len) memcpy(to + 12, headers.ptr, headers.len);
    if (payload.len) memcpy(to + 12 + headers.len, payload.ptr, payload.len);
    frame_seal(to, len);
    return len;
}

/* Adds a header with a text; its length. */
LLMFI_UNUSED static size_t frame_header(unsigned char *to, const char *name, const char *value) {
    size_t n = strlen(name), v = strlen(value);
    to[0] = (unsigned char)n;
    memcpy(to + 1, name, n);
    to[n + 1] = 7;
    to[n + 2] = (unsigned char)(v >> 8);
    to[n + 3] = (unsigned char)v;
    memcpy(to + n + 4, value, v);
    return n + 4 + v;
}

/* A frame as Bedrock sends them: `kind` event, exception or error, its name, and JSON. */
LLMFI_UNUSED static size_t frame_event(unsigned char *to, const char *kind, const char *name, const char *json) {
    unsigned char headers[512];
    char type[32] = ":";
    size_t n;
    strcat(strcat(type, kind), strcmp(kind, "error") ? "-type" : "-code");
    n = frame_header(headers, type, name);
    n += frame_header(headers + n, ":content-type", "application/json");
    n += frame_header(headers + n, ":message-type", kind);
    return frame_put(to, llmfi_str((const char *)headers, n), llmfi_str(json, strlen(json)));
}

#endif
