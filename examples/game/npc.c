#define LLMFACTORY_IMPLEMENTATION
#include "npc.h"
#include <stdio.h>
#include <string.h>

enum { WAVE_FRAMES = 90 };
static const float step = 0.08f; /* tiles a frame */

static const llmf_tool tools[] = {
    {.name = "move_to",
     .description = "Walk to a tile of the room",
     .parameters = "{\"type\":\"object\",\"properties\":{\"x\":{\"type\":\"number\"},\"y\":{\"type\":\"number\"}},\"required\":[\"x\",\"y\"]}"},
    {.name = "wave", .description = "Wave a hand"},
};

/* ---- what the tools do ---- */

static bool is(llmf_str s, const char *word) {
    return s.len == strlen(word) && !memcmp(s.ptr, word, s.len);
}

static bool number_of(llmf_str object, const char *name, double *out) {
    llmf_str value;
    return llmf_json_get(object, name, &value) && llmf_json_number(value, out);
}

/* NULL if it was done, else what is wrong: a model may ask for anything, so everything is checked. */
static const char *use_tool(npc *n, const llmf_tool_call *call) {
    double x, y;
    if (is(call->name, "wave")) {
        n->waving = WAVE_FRAMES;
        return NULL;
    }
    if (!is(call->name, "move_to")) return "there is no such tool";
    if (!number_of(call->arguments, "x", &x) || !number_of(call->arguments, "y", &y)) return "x and y must be numbers";
    if (!(x >= 0 && x <= ROOM_W - 1 && y >= 0 && y <= ROOM_H - 1)) return "that is outside of the room";
    n->to_x = (float)x;
    n->to_y = (float)y;
    return NULL;
}

static void walk(npc *n) {
    float dx = n->to_x - n->x, dy = n->to_y - n->y;
    n->x += dx > step ? step : dx < -step ? -step : dx;
    n->y += dy > step ? step : dy < -step ? -step : dy;
    if (n->waving) n->waving--;
}

/* ---- speech ---- */

static void say(npc *n, llmf_str text) {
    size_t said = strlen(n->said), room = sizeof n->said - 1 - said, len = text.len < room ? text.len : room;
    memcpy(n->said + said, text.ptr, len);
    n->said[said + len] = '\0';
}

static llmf_message *add(npc *n, int role, const char *content) {
    llmf_message *m = &n->messages[n->message_count++];
    memset(m, 0, sizeof *m);
    m->role = role;
    m->content = content;
    return m;
}

static void end_question(npc *n) {
    while (n->rounds) llmf_free(n->f, n->calls[--n->rounds]);
}

static void end_badly(npc *n, const llmf_error *err) {
    size_t said = strlen(n->said);
    snprintf(n->said + said, sizeof n->said - said, " (%s)", llmf_result_name(err->code));
    if (err->code == LLMF_ERR_CANCELLED) n->cancelled++;
    else n->failed++, fprintf(stderr, "%s\n", err->text);
    end_question(n); /* last: err may lie in a call */
}

static void start_round(npc *n) {
    llmf_request req = {0};
    llmf_error err;
    llmf_call c;
    req.system = n->system;
    req.messages = n->messages;
    req.message_count = n->message_count;
    req.tools = tools;
    req.tool_count = sizeof tools / sizeof *tools;
    req.stream = true;
    c = llmf_start(n->f, n->model, &req);
    if (c.id) {
        n->calls[n->rounds++] = c;
    } else {
        llmf_last_error(n->f, &err);
        end_badly(n, &err);
    }
}

/* An answer is whole. If it asks for tools they are used, and the model is told what came of it. */
static void end_round(npc *n, const llmf_response *r) {
    size_t count = r->tool_call_count < TOOL_CALLS ? r->tool_call_count : TOOL_CALLS, i;
    llmf_message *m;
    if (!count || n->rounds == ROUNDS) {
        n->answers++;
        end_question(n);
        return;
    }
    m = add(n, LLMF_ASSISTANT, r->text.ptr);
    m->tool_calls = r->tool_calls;
    m->tool_call_count = count;
    m->state = r->state;
    m->reasoning = r->reasoning;
    for (i = 0; i < count; i++) {
        const char *wrong = use_tool(n, &r->tool_calls[i]);
        m = add(n, LLMF_TOOL, wrong ? wrong : "done");
        m->tool_call_id = r->tool_calls[i].id;
        m->name = r->tool_calls[i].name;
        m->is_error = wrong != NULL;
        n->tool_calls++;
    }
    start_round(n);
}

/* ---- what the game calls ---- */

bool npc_open(npc *n, const char *model) {
    llmf_desc desc = {0};
    llmf_error err;
    n->x = n->to_x = ROOM_W / 2;
    n->y = n->to_y = ROOM_H / 2;
    snprintf(n->system, sizeof n->system, "You are Ada, the keeper of an inn. Answer in one or two short sentences; walk or wave where it fits. "
             "The room: x from 0 (left) to %d, y from 0 (top) to %d.", ROOM_W - 1, ROOM_H - 1);
    desc.slice_us = 1000; /* of the 16.7 ms of a frame at most one is the answer's */
    n->f = llmf_open(&desc, &err);
    if (n->f) n->model = llmf_get(n->f, model, &err);
    if (!n->model.id) fprintf(stderr, "%s\n", err.text);
    return n->model.id != 0;
}

void npc_close(npc *n) {
    llmf_close(n->f);
}

bool npc_ask(npc *n, const char *question) {
    if (n->rounds) return false;
    snprintf(n->question, sizeof n->question, "%s", question);
    n->said[0] = '\0';
    n->message_count = 0;
    add(n, LLMF_USER, n->question);
    start_round(n);
    return true;
}

void npc_stop(npc *n) {
    if (n->rounds) llmf_cancel(n->f, n->calls[n->rounds - 1]); /* its final event, LLMF_ERR_CANCELLED, is taken in the next frame */
}

void npc_frame(npc *n) {
    llmf_event ev;
    walk(n);
    llmf_poll(n->f, 0);
    while (n->rounds && llmf_next(n->f, n->calls[n->rounds - 1], &ev)) {
        if (ev.type == LLMF_EVENT_TEXT) say(n, ev.text);
        if (ev.type == LLMF_EVENT_DONE) end_round(n, ev.response);
        if (ev.type == LLMF_EVENT_ERROR) end_badly(n, &ev.response->error);
    }
}

bool npc_is_quiet(const npc *n) {
    return !n->rounds && !n->waving && n->x == n->to_x && n->y == n->to_y;
}
