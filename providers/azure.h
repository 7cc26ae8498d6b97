/* Azure OpenAI ("Azure OpenAI in Microsoft Foundry models REST API"): Chat Completions at other addresses, with a deployment in the place of a model.

   https://<resource>.openai.azure.com/openai/v1/chat/completions                          the newer API: without a version, or preview or latest
   https://<resource>.openai.azure.com/openai/deployments/<deployment>/chat/completions    with ?api-version=2024-10-21 or another date
   https://<resource>.services.ai.azure.com/models/chat/completions                        the same, models of other makers

   A base URL may stop at the host, as AZURE_OPENAI_ENDPOINT does; then the api_version says which of the first two it is. */
#ifndef LLMFI_PROVIDERS_AZURE_H
#define LLMFI_PROVIDERS_AZURE_H
#include "openai.h"

enum { LLMFI_AZURE_V1, LLMFI_AZURE_DEPLOYMENT, LLMFI_AZURE_BASE };

typedef struct llmfi_azure_place {
    int kind;                                /* _BASE: the base URL itself leads to a deployment, or to /models */
    bool openai, done;                       /* the base URL holds /openai; /openai/v1 */
    llmf_str version;                        /* for the query; empty: none, or the base URL has its own */
    llmf_str deployment;
} llmfi_azure_place;

static llmfi_azure_place llmfi_azure_where(const llmfi_settings *m) {
    llmfi_azure_place p;
    llmf_str base = m->base_url;
    size_t query = llmfi_find_char(base, '?');
    bool dated = m->api_version.len && llmfi_is_digit(m->api_version.ptr[0]);
    if (query != LLMFI_NOWHERE) base.len = query;
    while (base.len && base.ptr[base.len - 1] == '/') base.len--;
    p.done = llmfi_ends(base, LLMFI_LIT("/v1"));
    p.openai = llmfi_ends(base, LLMFI_LIT("/openai"));
    p.kind = dated ? LLMFI_AZURE_DEPLOYMENT : LLMFI_AZURE_V1;
    if (llmfi_ends(base, LLMFI_LIT("/models")) || llmfi_find_nocase(base, LLMFI_LIT("/deployments/")) != LLMFI_NOWHERE) p.kind = LLMFI_AZURE_BASE;
    if (p.done) p.kind = LLMFI_AZURE_V1; /* which knows no dates: one that is set belongs to other models of this host */
    p.version = query != LLMFI_NOWHERE || (p.kind == LLMFI_AZURE_V1 && (dated || LLMFI_IS(m->api_version, "v1"))) ? llmfi_str("", 0) : m->api_version;
    p.deployment = m->deployment.len ? m->deployment : m->model_id;
    return p;
}

/* The address of one of a deployment's operations, or, where that is not of a deployment, of the resource. */
static void llmfi_azure_address(const llmfi_ask *a, llmfi_out *out, llmf_str operation, bool deployed) {
    llmfi_azure_place p = llmfi_azure_where(a->model);
    bool dated = deployed && p.kind == LLMFI_AZURE_DEPLOYMENT;
    if (p.kind != LLMFI_AZURE_BASE && !p.openai && !p.done) LLMFI_PUT(out, "/openai");
    if (p.kind == LLMFI_AZURE_V1 && !p.done) LLMFI_PUT(out, "/v1");
    if (dated) LLMFI_PUT(out, "/deployments/");
    if (dated) llmfi_put_url(out, p.deployment);
    llmfi_put_str(out, operation);
    if (p.version.len) LLMFI_PUT(out, "?api-version=");
    llmfi_put_url(out, p.version);
}

static void llmfi_azure_path(const llmfi_ask *a, llmfi_out *out) {
    llmfi_azure_address(a, out, LLMFI_LIT("/chat/completions"), true);
}

/* What goes out as the model is the deployment, whatever model_id says it is. */
static bool llmfi_azure_step(const llmfi_ask *a, unsigned step, llmfi_jw *w, bool (*body)(const llmfi_ask *, unsigned, llmfi_jw *)) {
    llmfi_ask ask = *a;
    llmfi_settings model = *a->model;
    model.model_id = llmfi_azure_where(a->model).deployment;
    ask.model = &model;
    return body(&ask, step, w);
}

static bool llmfi_azure_body(const llmfi_ask *a, unsigned step, llmfi_jw *w) {
    return llmfi_azure_step(a, step, w, llmfi_openai_body);
}

/* What no address can be made of. */
static void llmfi_azure_check_place(const llmfi_ask *a, llmfi_refusal *no) {
    llmfi_azure_place p = llmfi_azure_where(a->model);
    if (p.kind == LLMFI_AZURE_BASE && !p.version.len && llmfi_find_char(a->model->base_url, '?') == LLMFI_NOWHERE)
        llmfi_refuse(no, LLMF_ERR_CONFIG, "api_version", "this base URL needs one, such as 2024-10-21; set it, or let the URL end at its host");
    if (p.kind == LLMFI_AZURE_DEPLOYMENT && llmfi_strays(p.deployment))
        llmfi_refuse(no, LLMF_ERR_CONFIG, "deployment", "cannot stand in a URL; give the deployment's name");
}

static void llmfi_azure_check(const llmfi_ask *a, llmfi_refusal *no) {
    llmfi_azure_check_place(a, no);
    llmfi_openai_check(a, no);
}

static const llmfi_adapter llmfi_azure = {
    "azure", llmfi_azure_check, llmfi_azure_path, NULL, llmfi_azure_body, LLMF_FRAMING_JSON, LLMF_FRAMING_SSE, llmfi_openai_on_frame, LLMFI_OPENAI_ON_END
};

#endif
