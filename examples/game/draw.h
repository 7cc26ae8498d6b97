/* How the room looks. */
#ifndef DRAW_H
#define DRAW_H
#include "npc.h"
#include <SDL.h>

enum { TILE = 32, INPUT_H = 32, WINDOW_W = ROOM_W * TILE, WINDOW_H = ROOM_H * TILE + INPUT_H };

/* Draws everything but does not show it. `frame` moves what moves by itself; `typed` is the line at the bottom. */
void draw(SDL_Renderer *r, const npc *n, const char *typed, int frame);
#endif
