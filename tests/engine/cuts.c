/* Every recorded stream, cut at every byte: before its terminal event that is an error with the text so far, from there on a success. Where the terminal event is,
   the independent reader of tests/traffic says (terminal.py). One block holds all of a factory, so it is copied aside, the stream is ended here, and the copy
   is laid back: the whole of a stream is O(n), not O(n^2). Of AWS event streams each single bit of some frames is turned as well: each such frame is refused.

   LLMF_SHARED (or ../shared) holds the recordings; without them everything is skipped. Where processors are slow or no Python runs (tests/targets.sh):
   LLMF_TERMINAL is the table of terminal.py, made before; LLMF_CUTS_EACH=N takes each Nth stream of it. */
#include "kit.h"

#define BLOCK_MOST ((size_t)4 << 20)
#define TABLE "build/terminal.tsv"
#define FRAMES_FLIPPED 3           /* of a stream */

typedef struct stream {
    char path[1024], dialect[32], outcome[32];
    size_t length, whole;
    kit_text body;
} stream;

typedef struct wire {              /* the transport: gives what it is told to, when it is told */
    llmf_exchange *x;
} wire;

static char *block, *aside;
static unsigned long streams, cuts, right, wrong, texts, frames, flips;

/* What was found, by dialect. */
static struct {
    const char *dialect;
    unsigned long streams, cuts, wrong;
} rows[] = {{"openai", 0, 0, 0}, {"openai_responses", 0, 0, 0}, {"anthropic", 0, 0, 0}, {"gemini", 0, 0, 0}, {"bedrock", 0, 0, 0}, {"cohere", 0, 0, 0}, {"ollama", 0, 0, 0}};

/* ---- the recording ---- */

static bool read_whole(const char *path, kit_text *to) {
    char bytes[65536];
    size_t n;
    FILE *f = fopen(path, "rb");
    if (!f) return false;
    while ((n = fread(bytes, 1, sizeof bytes, f)) > 0) kit_add(to, bytes, n);
    fclose(f);
    return true;
}

/* Text, or base64 of bytes. */
static bool read_body(stream *s) {
    kit_text all = {NULL, 0, 0};
    llmf_str response, text, json;
    size_t n;
    bool ok = read_whole(s->path, &all), bytes;
    json.ptr = kit_cstr(&all);
    json.len = all.len;
    ok = ok && llmf_json_get(json, "response", &response);
    bytes = ok && llmf_json_get(response, "body_b64", &text);
    ok = bytes || (ok && llmf_json_get(response, "body_text", &text));
    n = ok ? llmf_json_string(text, NULL, 0) : LLMF_NOT_A_STRING;
    if (n != LLMF_NOT_A_STRING) {
        s->body.ptr = (char *)malloc(n + 1);
        s->body.cap = n + 1;
        s->body.len = llmf_json_string(text, s->body.ptr, n + 1);
    }
    if (bytes && n != LLMF_NOT_A_STRING) {
        text.ptr = s->body.ptr;
        text.len = s->body.len;
        if (!llmfi_base64_decode(text, s->body.ptr, s->body.cap, &s->body.len)) n = LLMF_NOT_A_STRING; /* it never writes ahead of what it reads */
    }
    kit_drop(&all);
    return n != LLMF_NOT_A_STRING;
}

/* ---- the transport ---- */

static int wire_start(void *user, llmf_exchange *x, const llmf_http_request *req) {
    (void)req;
    ((wire *)user)->x = x;
    return LLMF_OK;
}

static void wire_cancel(void *user, llmf_exchange *x) {
    (void)x;
    ((wire *)user)->x = NULL;
}

/* ---- one stream ---- */

typedef struct run {
    llmf_factory *f;
    llmf_call c;
    wire w;
    kit_world world;
    llmf_transport transport;
    size_t size;                   /* of the block */
    size_t text;                   /* bytes of text that events have handed out */
    int finals, code;
    llmf_response response;
} run;

static bool run_begin(run *r, const stream *s, size_t size) {
    llmf_desc d = kit_desc(&r->world);
    llmf_request req = kit_request(true);
    char name[64];
    llmf_model m;
    memset(&r->transport, 0, sizeof r->transport);
    r->w.x = NULL;
    r->text = 0;
    r->finals = 0;
    r->size = size;
    r->transport.user = &r->w;
    r->transport.start = wire_start;
    r->transport.cancel = wire_cancel;
    d.custom_transport = &r->transport;
    d.memory = block;
    d.memory_size = size;
    d.recv_size = 64;
    d.max_calls = d.max_models = d.max_connections = 1;
    d.api_key = "k";
    d.base_url = "https://recorded.invalid";
    d.log = NULL;
    d.timeouts.idle_ms = d.timeouts.first_byte_ms = -1;
    r->f = llmf_open(&d, NULL);
    if (!r->f) return false;
    snprintf(name, sizeof name, "%s:recorded", s->dialect);
    m = llmf_get(r->f, name, NULL);
    r->c = llmf_start(r->f, m, &req);
    llmf_poll(r->f, 0);
    if (r->w.x) llmf_exchange_status(r->w.x, 200);
    return r->w.x != NULL;
}

static void run_take(run *r) {
    llmf_event ev;
    while (llmf_next(r->f, r->c, &ev)) {
        if (ev.type == LLMF_EVENT_TEXT) r->text += ev.text.len;
        if (!ev.response) continue;
        r->finals++;
        r->code = ev.response->error.code;
        r->response = *ev.response;
    }
}

/* The stream ends here. */
static void run_end(run *r) {
    llmf_exchange *x = r->w.x;
    r->w.x = NULL;
    if (x) llmf_exchange_end(x, LLMF_OK, NULL);
    run_take(r);
}

/* One more byte. False: the call has ended by itself (an error inside). */
static bool run_feed(run *r, char byte) {
    size_t taken = llmf_exchange_data(r->w.x, &byte, 1);
    run_take(r);
    if (r->f->deferred) llmf_poll(r->f, 0), run_take(r);
    if (taken != 1 && r->w.x) fail_msg("a byte was not taken although all events were");
    return r->finals == 0;
}

static const char *complaint(const run *r, const stream *s, size_t at, const kit_text *all, int final_code) {
    if (r->finals != 1) return "not one final event";
    if (r->response.text.len != r->text) return "response and events differ";
    if (r->text > all->len || (r->text && memcmp(r->response.text.ptr, all->ptr, r->text) != 0)) return "the text is no front of the whole text";
    if (at >= s->whole) return r->code == LLMF_OK || r->code == final_code ? NULL : "an error behind its end";
    if (r->code == LLMF_OK) return "a success before its end";
    return r->code == LLMF_ERR_TRUNCATED || r->code == final_code ? NULL : "another error than truncated or its own";
}

/* All cuts of a stream in a block of that size. False: it is too small. */
static bool cut_everywhere(const stream *s, size_t size, const kit_text *all, int final_code) {
    run r;
    size_t at, tried = 0, bad = 0;
    bool memory = false, alive = true;
    memset(&r, 0, sizeof r);
    if (!run_begin(&r, s, size)) return false;
    for (at = 0; at <= s->body.len && alive && !memory; at++) {
        run kept = r;
        const char *what;
        memcpy(aside, block, size);
        run_end(&r);
        memory = r.code == LLMF_ERR_MEMORY;
        what = memory ? NULL : complaint(&r, s, at, all, final_code);
        if (what && bad++ == 0) printf("WRONG %s, cut at %zu of %zu (whole at %zu): %s: %s %s\n", s->path, at, s->body.len, s->whole, what, llmf_result_name(r.code), r.response.error.text);
        tried++;
        memcpy(block, aside, size);
        r = kept;
        if (at < s->body.len) alive = run_feed(&r, s->body.ptr[at]);
        memory = memory || (r.finals && r.code == LLMF_ERR_MEMORY);
    }
    if (!alive && !memory && complaint(&r, s, at, all, final_code)) bad++; /* it ended by itself: so does each longer one */
    llmf_close(r.f);
    kit_drop(&r.world.log);
    if (memory) return false;
    cuts += tried;
    wrong += bad;
    right += tried - bad;
    return true;
}

/* ---- frames of an AWS event stream ---- */

static size_t frame_length(const stream *s, size_t at) {
    const unsigned char *p = (const unsigned char *)s->body.ptr + at;
    return s->body.len - at < 16 ? 0 : (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
}

static size_t count_frames(const stream *s) {
    size_t at = 0, n = 0;
    while (at < s->body.len && frame_length(s, at)) {
        at += frame_length(s, at);
        n++;
    }
    return n;
}

static void feed_whole(run *r, const char *bytes, size_t len) {
    size_t at = 0;
    while (at < len && r->w.x && r->finals == 0) {
        at += llmf_exchange_data(r->w.x, bytes + at, len - at);
        run_take(r);
        if (r->f->deferred) llmf_poll(r->f, 0), run_take(r);
    }
}

/* The frame that comes next, with each of its bits turned. Nothing of it is handed out, and the call has failed. */
static void flip_frame(run *r, stream *s, size_t at, size_t len, size_t size) {
    run kept = *r;
    size_t bit;
    memcpy(aside, block, size);
    frames++;
    for (bit = 0; bit < len * 8; bit++) {
        s->body.ptr[at + bit / 8] ^= (char)(1 << bit % 8);
        feed_whole(r, s->body.ptr + at, len);
        if (!r->finals) run_end(r);
        if (r->finals != 1 || (r->code != LLMF_ERR_PROTOCOL && r->code != LLMF_ERR_LIMIT) || r->text != kept.text) {
            if (wrong++ == 0) printf("WRONG %s: bit %zu of the frame at %zu turned: %s\n", s->path, bit, at, llmf_result_name(r->code));
        }
        flips++;
        s->body.ptr[at + bit / 8] ^= (char)(1 << bit % 8);
        memcpy(block, aside, size);
        *r = kept;
    }
}

static void flip_frames(stream *s) {
    size_t at = 0, len, n = 0, all = count_frames(s), every = all / FRAMES_FLIPPED + 1, size = (size_t)256 << 10;
    run r;
    memset(&r, 0, sizeof r);
    if (!run_begin(&r, s, size)) fail_msg("%s: cannot begin", s->path);
    for (; (len = frame_length(s, at)) != 0 && r.finals == 0; at += len, n++) {
        if (n % every == 0) flip_frame(&r, s, at, len, size);
        feed_whole(&r, s->body.ptr + at, len);
    }
    if (!r.finals) run_end(&r);
    llmf_close(r.f);
    kit_drop(&r.world.log);
}

/* The whole stream at once, in as much memory as there is: what every cut is measured by. */
static int whole(const stream *s, kit_text *text) {
    run r;
    memset(&r, 0, sizeof r);
    if (!run_begin(&r, s, BLOCK_MOST)) fail_msg("%s: cannot begin", s->path);
    feed_whole(&r, s->body.ptr, s->body.len);
    if (!r.finals) run_end(&r);
    if (r.finals != 1) fail_msg("%s: %d final events", s->path, r.finals);
    kit_add(text, r.response.text.ptr, r.response.text.len);
    llmf_close(r.f);
    kit_drop(&r.world.log);
    return r.code;
}

static void one_stream(stream *s) {
    kit_text text = {NULL, 0, 0};
    unsigned long cuts_before = cuts, wrong_before = wrong;
    size_t size, i;
    int code;
    if (!read_body(s) || s->body.len != s->length) fail_msg("%s: %zu bytes of body, the table says %zu", s->path, s->body.len, s->length);
    streams++;
    code = whole(s, &text);
    texts += text.len != 0;
    if ((code == LLMF_OK) != (strcmp(s->outcome, "ok") == 0)) {
        printf("WRONG %s: as a whole %s, the reader says %s\n", s->path, llmf_result_name(code), s->outcome);
        wrong++;
    }
    for (size = 40 << 10; size <= BLOCK_MOST; size += size / 4)
        if (cut_everywhere(s, size, &text, code)) break;
    if (size > BLOCK_MOST) fail_msg("%s: does not fit into %zu bytes", s->path, BLOCK_MOST);
    if (strcmp(s->dialect, "bedrock") == 0 && strcmp(s->outcome, "protocol") != 0) flip_frames(s); /* a bit more could mend a broken one */
    for (i = 0; i < KIT_COUNT(rows); i++)
        if (strcmp(rows[i].dialect, s->dialect) == 0) {
            rows[i].streams++;
            rows[i].cuts += cuts - cuts_before;
            rows[i].wrong += wrong - wrong_before;
        }
    kit_drop(&text);
    kit_drop(&s->body);
}

int main(void) {
    const char *shared = getenv("LLMF_SHARED"), *ready = getenv("LLMF_TERMINAL"), *each = getenv("LLMF_CUTS_EACH");
    char command[2048], line[2048];
    FILE *table;
    size_t i, at, step = each ? (size_t)atoi(each) : 1;
    double from = kit_seconds();
    if (!shared || !*shared) shared = "../shared";
    snprintf(command, sizeof command, "%s/traffic/INDEX.md", shared);
    if (access(command, R_OK) != 0) {
        printf("no recordings in %s\n0 passed, 0 failed, 1 skipped\n", shared);
        return 0;
    }
    if (!ready) snprintf(command, sizeof command, "mkdir -p build && python3 tests/engine/terminal.py '%s' > " TABLE, shared);
    if ((!ready && system(command) != 0) || !(table = fopen(ready ? ready : TABLE, "r"))) {
        printf("python3 is needed for the table of terminal offsets\n0 passed, 0 failed, 1 skipped\n");
        return 0;
    }
    block = (char *)malloc(BLOCK_MOST);
    aside = (char *)malloc(BLOCK_MOST);
    for (at = 0; fgets(line, sizeof line, table); at++) {
        stream s;
        if (step && at % step) continue;
        memset(&s, 0, sizeof s);
        if (sscanf(line, "%1023[^\t]\t%31[^\t]\t%zu\t%zu\t%31[^\t\n]", s.path, s.dialect, &s.length, &s.whole, s.outcome) == 5) one_stream(&s);
    }
    fclose(table);
    free(block);
    free(aside);
    for (i = 0; i < KIT_COUNT(rows); i++) printf("%-18s %5lu streams %9lu cuts %5lu wrong\n", rows[i].dialect, rows[i].streams, rows[i].cuts, rows[i].wrong);
    printf("%lu frames of event streams, %lu bits turned\n", frames, flips);
    printf("%lu streams (%lu with text), %lu cuts: %lu right, %lu wrong; %.0f s\n", streams, texts, cuts, right, wrong, kit_seconds() - from);
    printf("%lu passed, %lu failed, 0 skipped\n", wrong ? 0 : streams, streams ? wrong : 1);
    return wrong || !streams ? 1 : 0;
}
