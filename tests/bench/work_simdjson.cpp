// work_simdjson.cpp - the JSON work of the baseline clients by simdjson's on-demand parser: one parser, no tree, no copy but padding.
#include "work_simdjson.h"
#include <cstring>
#include <memory>
#include <simdjson.h>
#include <string>
using namespace simdjson;

static_assert(W_PADDING >= SIMDJSON_PADDING, "W_PADDING is too small for this simdjson");
static ondemand::parser parser;
static std::string padded;

// the text in place where its padding may be read, else a copy
static padded_string_view view_of(const char *s, size_t n, size_t cap) {
    if (cap >= n + SIMDJSON_PADDING) return padded_string_view(s, n, cap);
    if (padded.size() < n + SIMDJSON_PADDING) padded.resize(2 * n + SIMDJSON_PADDING);
    std::memcpy(&padded[0], s, n);
    return padded_string_view(padded.data(), n, padded.size());
}
static int find(const char *s, size_t n, size_t cap, const char *message, w_found *f) {
    std::string_view text;
    f->content = nullptr; f->ncontent = 0; f->total = 0;
    ondemand::document doc;
    if (parser.iterate(view_of(s, n, cap)).get(doc)) return 0;
    ondemand::array choices;
    if (doc.find_field("choices").get_array().get(choices)) return 0;
    bool some = false;
    for (auto c : choices) {
        if (!c.find_field(message).find_field("content").get_string().get(text)) { f->content = text.data(); f->ncontent = text.size(); }
        some = true;
        break;
    }
    if (some && *message == 'd') return 1;
    uint64_t total;
    if (!doc.find_field("usage").find_field("total_tokens").get_uint64().get(total)) f->total = total;
    return 1;
}
int wj_chat(const char *s, size_t n, size_t cap, w_found *f) { return find(s, n, cap, "message", f); }
int wj_delta(const char *s, size_t n, size_t cap, w_found *f) { return find(s, n, cap, "delta", f); }

size_t wj_embeddings(const char *s, size_t n, size_t cap, float *out, size_t most) {
    size_t at = 0;
    ondemand::document doc;
    ondemand::array data;
    if (parser.iterate(view_of(s, n, cap)).get(doc) || doc.find_field("data").get_array().get(data)) return 0;
    for (auto e : data) {
        ondemand::array v;
        if (e.find_field("embedding").get_array().get(v)) return at;
        for (auto x : v) {
            double d;
            if (x.get_double().get(d) || at == most) return at;
            out[at++] = static_cast<float>(d);
        }
    }
    return at;
}
