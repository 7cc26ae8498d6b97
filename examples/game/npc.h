/* The innkeeper: where she stands and what she says. What she says comes from a model: npc.c has all that concerns llmfactory. */
#ifndef NPC_H
#define NPC_H
#include "llmfactory.h"

enum {
    ROOM_W = 20, ROOM_H = 11,      /* tiles; 0,0 is the upper left one */
    TEXT_SIZE = 1024,              /* of a question or an answer; what is longer is cut */
    ROUNDS = 4,                    /* requests for one question: tool calls make more than one */
    TOOL_CALLS = 4                 /* in one round */
};

typedef struct npc {
    float x, y, to_x, to_y;        /* tiles */
    int waving;                    /* frames to go */
    char said[TEXT_SIZE];          /* the bubble: grows while she speaks */
    int answers, tool_calls, cancelled, failed; /* so far */
    /* For npc.c: */
    llmf_factory *f;
    llmf_model model;
    char system[TEXT_SIZE], question[TEXT_SIZE];
    llmf_message messages[1 + ROUNDS * (1 + TOOL_CALLS)];
    size_t message_count;
    llmf_call calls[ROUNDS];       /* of the question under way: kept until its end, as the messages point into them */
    int rounds;                    /* 0: no question is under way */
} npc;

/* False: the reason has been printed. */
bool npc_open(npc *n, const char *model);
void npc_close(npc *n);
/* Takes a question; the answer comes in the frames that follow. False: one is under way. */
bool npc_ask(npc *n, const char *question);
/* Ends the answer under way; what has been said stays. */
void npc_stop(npc *n);
/* Once a frame: takes what has come and goes one step. Never waits. */
void npc_frame(npc *n);
/* She neither speaks nor moves. */
bool npc_is_quiet(const npc *n);
#endif
