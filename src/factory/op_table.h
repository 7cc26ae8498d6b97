/* What the table says of operations besides chat: which host has them, and what is different there. */
#ifndef LLMFI_FACTORY_OP_TABLE_H
#define LLMFI_FACTORY_OP_TABLE_H
#include "../../providers/operations.h"
#include "record.h"

static const llmfi_op_row llmfi_op_rows[] = {
#if LLMFI_HAS_OPS
#define LLMF_OPERATION(PROVIDER, op, dialect, url, traits) LLMFI_KEEP(LLMF_HAS_##PROVIDER, {url, traits, LLMFI_P_##PROVIDER, LLMF_OP_##op, LLMFI_DIALECT_##dialect}, )
#include "../../models.def"
#endif
    {NULL, NULL, 0, 0, 0}
};

/* What stands of a host that is row `provider` of the table; NULL: nothing. */
static const llmfi_op_row *llmfi_op_row_find(int provider, int op) {
    const llmfi_op_row *row;
    for (row = llmfi_op_rows; row->url; row++)
        if (row->provider == provider && row->op == op) return row;
    return NULL;
}

/* The operation at a host: of the table (row), of that dialect, with so many texts in one request. *host: what the table says; NULL: nothing. NULL: it has not
   got it, as far as is known. */
static const llmfi_operation *llmfi_op_at(int row, llmf_str dialect, int64_t embedding_batch, int op, const llmfi_op_row **host) {
    const llmfi_operation *o;
    bool own = row < 0 || !llmfi_eq(dialect, llmfi_dialect_name(llmfi_provider_rows[row].dialect)); /* a host of the config's */
    *host = own ? NULL : llmfi_op_row_find(row, op);
    if (*host && (*host)->url[0] == '-') return NULL;
    o = llmfi_operation_find(*host ? llmfi_dialect_name((*host)->dialect) : dialect, op);
    if (!o || (op == LLMF_OP_EMBED ? embedding_batch <= 0 : !*host && !own && !o->everywhere)) return NULL;
    return o;
}

LLMFI_UNUSED static const llmfi_operation *llmfi_op_of(const llmfi_provider *p, int op, const llmfi_op_row **host) {
    return llmfi_op_at(p->row, p->dialect, p->embedding_batch, op, host);
}

/* " openai mistral …": the providers of this build that have it. */
LLMFI_UNUSED static void llmfi_say_op_hosts(llmfi_text *t, int op) {
    const llmfi_op_row *host;
    int i;
    for (i = 0; i < LLMFI_P_COUNT; i++) {
        const llmfi_provider_row *p = &llmfi_provider_rows[i];
        if (!p->built || !llmfi_op_at(i, llmfi_dialect_name(p->dialect), p->embedding_batch, op, &host)) continue;
        llmfi_say_c(t, " ");
        llmfi_say_c(t, p->name);
    }
}

#endif
