/* Any bytes as a saved conversation, cut to any window: refused with its place, or loaded; what was loaded is saved and loaded again to the same bytes; what is cut is sound;
   memory comes back. The input: one byte that chooses the request for memory that is refused, two for the window and the rules, and the text. */
#define LLMFACTORY_IMPLEMENTATION
#define LLMF_NO_CURL 1 /* nothing goes over a network here */
#include "../../llmfactory.h"
#include <stdlib.h>

static char block[1 << 23], once[1 << 16], twice[1 << 16];
static llmf_factory *f;

static void check(bool ok) {
    if (!ok) abort();
}

static void check_error(const llmf_error *err, int a, int b) {
    check((err->code == a || err->code == b || err->code == LLMF_ERR_MEMORY) && err->text[0] && strlen(err->text) < sizeof err->text);
}

/* The same again. */
static void check_saved(const llmf_rendered *p) {
    llmf_error err;
    llmf_rendered q;
    size_t len = llmf_conversation_save(f, NULL, p->request.system, p->request.messages, p->request.message_count, once, sizeof once, &err);
    check(len > 0 && len < sizeof once);
    check(llmf_json_valid(llmfi_str(once, len), NULL));
    check(llmf_conversation_load(f, "again", llmfi_str(once, len), &q, &err) == LLMF_OK);
    check(q.request.message_count == p->request.message_count);
    check(llmf_conversation_save(f, NULL, q.request.system, q.request.messages, q.request.message_count, twice, sizeof twice, &err) == len);
    check(memcmp(once, twice, len) == 0);
    llmf_render_free(f, &q);
}

static void check_fit(const llmf_rendered *p, int window, int rules) {
    llmf_model none = {0};
    llmf_error err;
    llmf_rendered q;
    llmf_fit fit;
    size_t i, kept = 0;
    memset(&fit, 0, sizeof fit);
    fit.summary = rules & 4 ? llmfi_cstr("S") : llmfi_str("", 0);
    fit.window = window * 4 + 2;
    fit.reserve = fit.summary_tokens = 1;
    fit.keep_last = 1;
    fit.rules = rules & 3;
    fit.ask_summary = rules >> 3 & 1;
    if (llmf_fit_messages(f, none, &p->request, &fit, &q, &err) != LLMF_OK) {
        check_error(&err, LLMF_ERR_CONTEXT_LENGTH, LLMF_ERR_CONTEXT_LENGTH);
        return;
    }
    check(fit.after <= fit.limit && fit.dropped + fit.replaced <= p->request.message_count);
    for (i = 0; i < p->request.message_count; i++) kept += fit.what[i] != 1;
    if (fit.ask_summary) check((q.request.prompt != NULL) == (fit.dropped > 0));
    else check(q.request.message_count == kept + (fit.summary.len && fit.dropped));
    llmf_render_free(f, &q);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    llmf_rendered p;
    llmf_error err;
    size_t used;
    if (size < 3 || size > 8192) return 0;
    if (!f) {
        llmf_desc d;
        memset(&d, 0, sizeof d);
        d.no_env = true;
        d.memory = block;
        d.memory_size = sizeof block;
        f = llmf_open(&d, &err);
        check(f != NULL);
    }
    used = f->heap.used;
    if (data[0]) llmf_fail_memory(f, data[0], false);
    if (llmf_conversation_load(f, "a.json", llmfi_str((const char *)data + 3, size - 3), &p, &err) == LLMF_OK) {
        llmf_fail_memory(f, 0, false);
        check_saved(&p);
        if (data[0]) llmf_fail_memory(f, data[0] / 16 + 1, false);
        check_fit(&p, data[1], data[2]);
        llmf_render_free(f, &p);
    } else {
        check_error(&err, LLMF_ERR_CONFIG, LLMF_ERR_CONFIG);
        check(err.code == LLMF_ERR_MEMORY || (err.line > 0 && err.column > 0));
    }
    llmf_fail_memory(f, 0, false);
    check(f->heap.used == used);
    return 0;
}
