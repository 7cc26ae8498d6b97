/* A call that is too large for one request (more texts to embed than the provider takes): several calls inside do it, a few at a time. Each writes to its own place
   of the caller's array, so the order is kept; one that fails in a way that may pass is repeated alone. They are ordinary calls that nobody sees: they give no
   events, and end with the call that they belong to. */
#ifndef LLMFI_ENGINE_BATCHES_H
#define LLMFI_ENGINE_BATCHES_H
#include "core.h"
#include "operation.h"
#include "send.h"

#if LLMF_HAS_EMBED

/* count 0: none. With a call: under way; without: it waits for room for one more call. */
typedef struct llmfi_batch {
    llmfi_call *call;
    size_t first, count;                     /* of the texts */
    llmf_input input;
} llmfi_batch;

struct llmfi_batches {
    size_t next, done;                       /* the first text of no batch; texts whose vectors have come */
    int count;
    llmfi_batch *at;
};

static void llmfi_abort(llmfi_call *c, int code, const char *text);
static void llmfi_finish(llmfi_call *c);
static void llmfi_set_deadline(llmfi_call *c);
static llmfi_call *llmfi_call_new(llmf_factory *f);
#if LLMF_HAS_RETRY
static bool llmfi_keep_begin(llmfi_call *c);
#endif
static bool llmfi_call_go(llmfi_call *c);
static void llmfi_call_release(llmfi_call *c);

static bool llmfi_is_split(const llmfi_call *c) {
    return c->reply.job && c->reply.job->split;
}

static llmfi_call *llmfi_parent(const llmfi_call *c) {
    return c->reply.job ? (llmfi_call *)c->reply.job->parent : NULL;
}

/* ---- one batch ---- */

/* The call of a batch, up to the first byte on the wire. */
static bool llmfi_batch_send(llmfi_call *parent, llmfi_call *c) {
#if LLMF_HAS_RETRY
    if (!llmfi_keep_begin(c)) return false;
#endif
    if (!llmfi_take_op(c)) return false;
    c->reply.job->parent = parent;
    c->reply.job->vectors.loose = c->reply.job->vectors.at != NULL;
    c->ask.extra = parent->ask.extra; /* parsed when it was still there */
    return llmfi_build_http(c) && llmfi_call_go(c);
}

/* False: there is no room for a call; f->last_error says which. */
static bool llmfi_batch_start(llmfi_call *parent, llmfi_batch *b) {
    llmf_factory *f = parent->f;
    llmfi_call *c = llmfi_call_new(f);
    size_t stride = parent->reply.job->input->vector_cap / parent->reply.job->input->text_count;
    if (!c) return false;
    b->call = c;
    b->input = *parent->reply.job->input;
    b->input.texts += b->first;
    b->input.text_count = b->count;
    if (b->input.vectors) b->input.vectors += b->first * stride;
    b->input.vector_cap = b->count * stride;
    c->req = parent->req;
    c->req.input = &b->input;
    c->req.flags = LLMF_BORROW;
    c->req.extra = NULL;
    c->req.on_event = NULL;
    c->req.timeouts.total_ms = -1; /* the parent's holds for all of them */
    c->quiet = c->taken = true;    /* its events are nobody's, and it is no call that llmf_poll counts */
    f->active--;
    c->prepared = parent->prepared;
    c->prepared->references++;
    c->reply.user = &c->prepared->record.s;
    c->reply.provider = c->prepared->record.provider->name;
    c->ask.req = &c->req;
    c->ask.model = &c->prepared->record.s;
    c->start_ns = c->attempt_ns = llmfi_moment(f);
    if (llmfi_batch_send(parent, c)) llmfi_set_deadline(c);
    else llmfi_finish(c);
    return true;
}

static void llmfi_batch_free(llmfi_batch *b) {
    llmfi_call *c = b->call;
    b->call = NULL;
    llmfi_call_release(c);
}

/* What a batch has given becomes the parent's. */
static void llmfi_batch_take(llmfi_call *parent, const llmfi_batch *b) {
    llmfi_vectors *to = &parent->reply.job->vectors;
    const llmfi_call *c = b->call;
    const llmfi_vectors *from = &c->reply.job->vectors;
    llmfi_reply *r = &parent->reply;
    size_t row = from->dimensions * sizeof(float);
    if (to->rows && to->dimensions != from->dimensions) llmfi_vectors_wrong(r, "vectors of different lengths");
    if (!to->at && !to->own.ptr) {
        if (row > (size_t)-1 / 8 / parent->reply.job->input->text_count || !llmfi_buf_reserve(&to->own, row * parent->reply.job->input->text_count)) llmfi_reply_no_memory(r);
    }
    if (r->error.code != LLMF_OK) return;
    if (!to->at) memcpy(to->own.ptr + b->first * row, from->own.ptr, b->count * row);
    to->dimensions = from->dimensions;
    to->rows += b->count;
    r->usage.input = llmfi_reply_sum(r->usage.input, c->reply.usage.input);
    llmfi_reply_model(r, c->reply.model_used);
    if (!r->request_id.len) r->request_id = llmfi_reply_keep(r, c->reply.request_id);
    if (!parent->first_content_ns) parent->first_content_ns = c->first_content_ns;
    r->content = true;
    r->status = c->reply.status;
}

/* The parent fails as the batch has. */
static LLMFI_COLD void llmfi_batch_failed(llmfi_call *parent, const llmfi_batch *b) {
    llmf_error *e = &parent->reply.error;
    llmf_str message = b->call->response.error.message;
    llmfi_text t;
    *e = b->call->response.error;
    e->message = message.len ? llmfi_arena_copy(&parent->arena, message) : llmfi_str("", 0);
    t = llmfi_text_in(e->text, sizeof e->text);
    t.len = llmfi_strlen(b->call->response.error.text);
    memcpy(e->text, b->call->response.error.text, t.len + 1);
    LLMFI_SAY(&t, " (llmf_input.texts ");
    llmfi_say_int(&t, (int64_t)b->first);
    LLMFI_SAY(&t, " to ");
    llmfi_say_int(&t, (int64_t)(b->first + b->count - 1));
    LLMFI_SAY(&t, ")");
    parent->reply.status = b->call->reply.status;
}

static void llmfi_batch_ended(llmfi_call *parent, llmfi_batch *b) {
    if (b->call->response.error.code == LLMF_OK) {
        llmfi_batch_take(parent, b);
        parent->reply.job->batches->done += b->count;
        b->count = 0;
    } else {
        llmfi_batch_failed(parent, b);
    }
    llmfi_batch_free(b);
}

/* ---- all of them ---- */

static bool llmfi_batches_open(llmfi_call *c) {
    llmfi_job *w = c->reply.job;
    struct llmfi_batches *b = (struct llmfi_batches *)llmfi_call_array(c, 1, sizeof *b);
    size_t count = (w->input->text_count - 1) / w->most + 1;
    if (!b) return false;
    b->count = count < (size_t)c->f->desc.max_batches ? (int)count : c->f->desc.max_batches;
    b->at = (llmfi_batch *)llmfi_call_array(c, (size_t)b->count, sizeof *b->at);
    if (!b->at) return false;
    w->batches = b;
    c->f->deferred = true; /* llmf_poll begins with them */
    return true;
}

/* The next batch for a place that is free: false where no text is left. */
static bool llmfi_batches_next(llmfi_call *c, llmfi_batch *b) {
    struct llmfi_batches *all = c->reply.job->batches;
    size_t left = c->reply.job->input->text_count - all->next;
    b->first = all->next;
    b->count = left < c->reply.job->most ? left : c->reply.job->most;
    all->next += b->count;
    return b->count > 0;
}

/* Starts what can be started. */
static void llmfi_batches_start(llmfi_call *c) {
    struct llmfi_batches *all = c->reply.job->batches;
    int i, running = 0;
    for (i = 0; i < all->count; i++) {
        llmfi_batch *b = &all->at[i];
        if (!b->call && (b->count || llmfi_batches_next(c, b)) && !llmfi_batch_start(c, b)) break; /* when one of the others ends */
        if (b->call) running++;
        if (b->call && b->call->ended) c->f->deferred = true;
    }
    if (i < all->count && !running) c->reply.error = c->f->last_error;
}

/* Something may have happened to one of them. Ends the call where nothing is left to do. */
static void llmfi_batches_work(llmfi_call *c) {
    struct llmfi_batches *all = c->reply.job->batches;
    llmfi_vectors *v = &c->reply.job->vectors;
    int i;
    for (i = 0; i < all->count && c->reply.error.code == LLMF_OK; i++)
        if (all->at[i].call && all->at[i].call->ended) llmfi_batch_ended(c, &all->at[i]);
    if (c->reply.error.code == LLMF_OK && all->done == c->reply.job->input->text_count) {
        if (v->at) llmfi_vectors_pack(v->at, v->rows, v->dimensions, llmfi_vectors_stride(v));
        c->reply.terminal = true;
    } else if (c->reply.error.code == LLMF_OK) {
        llmfi_batches_start(c);
    }
    if (c->reply.terminal || c->reply.error.code != LLMF_OK) llmfi_abort(c, LLMF_OK, "");
    else llmfi_set_deadline(c);
}

/* The call is over: so are they, and nothing is written to the caller's array any more. */
static void llmfi_batches_stop(llmfi_call *c) {
    struct llmfi_batches *all = llmfi_is_split(c) ? c->reply.job->batches : NULL;
    int i;
    for (i = 0; all && i < all->count; i++)
        if (all->at[i].call) llmfi_batch_free(&all->at[i]);
}

/* A call that is part of another one is given back: by its parent, or because the factory closes. */
static void llmfi_batches_forget(llmfi_call *c) {
    struct llmfi_batches *all = llmfi_parent(c) ? llmfi_parent(c)->reply.job->batches : NULL;
    int i;
    for (i = 0; all && i < all->count; i++)
        if (all->at[i].call == c) all->at[i].call = NULL;
}

#else

LLMFI_UNUSED static bool llmfi_is_split(const llmfi_call *c) {
    (void)c;
    return false;
}

#endif
#endif
