/* A struct that fills while a model writes it: ./structured MODEL [IDEA]. The schema comes from the table of its members; an answer that does not keep to it is asked for again. */
#define LLMFACTORY_IMPLEMENTATION
#include "llmfactory.h"
#include <stdio.h>
#include <string.h>

struct item { char name[32]; int price; };
struct npc { char name[32]; int mood; double health; struct item items[4]; size_t item_count; };

static const llmf_field item_fields[] = {LLMF_FIELD(struct item, name, STRING), LLMF_FIELD(struct item, price, INT), {0}};
static const llmf_field npc_fields[] = {
    LLMF_FIELD(struct npc, name, STRING), LLMF_FIELD_ENUM(struct npc, mood, "calm|angry|afraid"), LLMF_FIELD(struct npc, health, DOUBLE),
    LLMF_FIELD_OBJECTS(struct npc, items, item_count, item_fields), {0}};
static const char *const moods[] = {"calm", "angry", "afraid"};

static void begin(llmf_json_stream *s, struct npc *who) {
    memset(s, 0, sizeof *s);
    memset(who, 0, sizeof *who);
    s->fields = npc_fields;
    s->to = who;
}

static void show(const struct npc *who) {
    size_t i;
    printf("%s is %s, health %.2f", who->name, moods[who->mood], who->health);
    for (i = 0; i < who->item_count; i++) printf("%s %s for %d", i ? "," : "; has", who->items[i].name, who->items[i].price);
    printf("\n");
}

static int ask(llmf_factory *f, llmf_model m, const char *idea) {
    char schema[1024];
    struct npc who;
    llmf_json_stream s;
    llmf_json_spec spec = {0};
    llmf_request req = {0};
    llmf_event ev;
    llmf_call c;
    int status = 1, pieces = 0;
    llmf_json_schema(npc_fields, schema, sizeof schema);
    spec.schema = schema;
    req.prompt = idea;
    req.stream = true;
    begin(&s, &who);
    c = llmf_start_json(f, m, &req, &spec);
    do {
        while (llmf_next(f, c, &ev)) {
            if (ev.type == LLMF_EVENT_TEXT && llmf_json_feed(&s, ev.text) >= 0) pieces++; /* what of `who` is certain by now is in it */
            if (ev.type == LLMF_EVENT_STEP) {
                printf("asked again, as:\n%.*s\n", (int)ev.text.len, ev.text.ptr);
                begin(&s, &who);
            }
            if (ev.type == LLMF_EVENT_ERROR) fprintf(stderr, "%s: %s\n", llmf_result_name(ev.response->error.code), ev.response->error.text);
            if (ev.type != LLMF_EVENT_DONE) continue;
            begin(&s, &who); /* the value that was checked, mended where need be */
            status = llmf_json_feed(&s, ev.response->json) == 1 ? 0 : 1;
            show(&who);
            printf("(%d pieces; asked again %d times; %s)\n", pieces, ev.response->json_asked, ev.response->json_repaired & (LLMF_JSON_MENDED | LLMF_JSON_CUT) ? "mended" : "as it came");
        }
    } while (llmf_poll(f, -1) > 0);
    llmf_free(f, c);
    return status;
}

int main(int argc, char **argv) {
    llmf_error err;
    llmf_factory *f = llmf_open(NULL, &err);
    llmf_model m = llmf_get(f, argc > 1 ? argv[1] : NULL, &err);
    int status = 1;
    if (m.id) status = ask(f, m, argc > 2 ? argv[2] : "A ferryman of a rainy town, with what he sells.");
    else fprintf(stderr, "%s\n", err.text);
    llmf_close(f);
    return status;
}
