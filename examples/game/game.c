/* A room seen from above, 60 frames a second, and an innkeeper who talks, walks and waves while the scene goes on.

       ./game MODEL [SCRIPT]               type a line and press Enter to ask; Esc ends the answer

   This file has the window, the loop and the keys; npc.c has the innkeeper, draw.c how it all looks. A script plays for tests, a
   command a line; its end closes the window:
       type TEXT     enter     esc         as if at the keyboard
       wait N                              lets N frames pass
       until speech  until quiet           waits for words, or until she neither speaks nor moves: at most 20 seconds
       print                               what the bubble says, to stdout
       shot FILE                           the picture, as a BMP */
#include "draw.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FRAMES_PER_SECOND = 60, LONGEST_WAIT = 20 * FRAMES_PER_SECOND, FIRST_FRAMES = 10 };

typedef struct game {
    SDL_Renderer *renderer;
    npc npc;
    char typed[TEXT_SIZE];
    bool quit, failed;
    FILE *script;                  /* NULL: none */
    char until;                    /* what the script waits for: 's'peech, 'q'uiet, or 0: so many frames */
    int wait;                      /* frames that it still waits */
    int frames, late;              /* late: more than a 60th of a second of work; without the first ones, while the window comes up */
    double longest_ms;
} game;

static void fail(game *g, const char *what, const char *why) {
    fprintf(stderr, "%s: %s\n", what, why);
    g->quit = g->failed = true;
}

/* ---- keys ---- */

static void on_event(game *g, const SDL_Event *e) {
    size_t len = strlen(g->typed);
    if (e->type == SDL_QUIT) g->quit = true;
    if (e->type == SDL_TEXTINPUT && len + strlen(e->text.text) < sizeof g->typed) strcpy(g->typed + len, e->text.text);
    if (e->type != SDL_KEYDOWN) return;
    if (e->key.keysym.sym == SDLK_ESCAPE) npc_stop(&g->npc);
    if (e->key.keysym.sym == SDLK_RETURN && len && npc_ask(&g->npc, g->typed)) g->typed[0] = '\0';
    if (e->key.keysym.sym != SDLK_BACKSPACE) return;
    while (len && (g->typed[--len] & 0xC0) == 0x80) continue; /* the later bytes of a character beyond ASCII */
    g->typed[len] = '\0';
}

/* ---- the script ---- */

static void push_key(SDL_Keycode key) {
    SDL_Event e = {0};
    e.type = SDL_KEYDOWN;
    e.key.keysym.sym = key;
    SDL_PushEvent(&e);
}

static void push_text(const char *s) {
    for (; *s; s++) {
        SDL_Event e = {0};
        e.type = SDL_TEXTINPUT;
        e.text.text[0] = *s;
        SDL_PushEvent(&e);
    }
}

static void shoot(game *g, const char *file) {
    SDL_Surface *s = SDL_CreateRGBSurfaceWithFormat(0, WINDOW_W, WINDOW_H, 32, SDL_PIXELFORMAT_ARGB8888);
    draw(g->renderer, &g->npc, g->typed, g->frames);
    if (!s || SDL_RenderReadPixels(g->renderer, NULL, s->format->format, s->pixels, s->pitch) || SDL_SaveBMP(s, file)) fail(g, file, SDL_GetError());
    SDL_FreeSurface(s);
}

static bool waits(game *g) {
    bool there = g->until == 's' ? g->npc.said[0] != '\0' : g->until == 'q' ? npc_is_quiet(&g->npc) : g->wait == 0;
    if (!there && g->wait-- > 0) return true;
    if (!there) fail(g, "script", "waited 20 seconds for nothing");
    g->until = '\0';
    g->wait = 0;
    return false;
}

/* Runs commands up to one that waits. */
static void play(game *g) {
    char line[TEXT_SIZE], *arg;
    if (!g->script || waits(g)) return;
    while (!g->quit && !g->wait) {
        if (!fgets(line, sizeof line, g->script)) g->quit = true, line[0] = '\0';
        line[strcspn(line, "\n")] = '\0';
        arg = line + strcspn(line, " ");
        if (*arg) *arg++ = '\0';
        if (!strcmp(line, "type")) push_text(arg);
        else if (!strcmp(line, "enter")) push_key(SDLK_RETURN);
        else if (!strcmp(line, "esc")) push_key(SDLK_ESCAPE);
        else if (!strcmp(line, "wait")) g->wait = atoi(arg);
        else if (!strcmp(line, "until")) g->until = *arg, g->wait = LONGEST_WAIT;
        else if (!strcmp(line, "print")) puts(g->npc.said);
        else if (!strcmp(line, "shot")) shoot(g, arg);
        else if (line[0]) fail(g, line, "no such command");
    }
}

/* ---- the loop ---- */

static void frame(game *g) {
    SDL_Event e;
    while (SDL_PollEvent(&e)) on_event(g, &e);
    npc_frame(&g->npc);
    draw(g->renderer, &g->npc, g->typed, g->frames);
    SDL_RenderPresent(g->renderer);
}

static void run(game *g) {
    const Uint64 second = SDL_GetPerformanceFrequency(), length = second / FRAMES_PER_SECOND;
    Uint64 next = SDL_GetPerformanceCounter(), now;
    while (!g->quit) {
        Uint64 begin = SDL_GetPerformanceCounter(), worked;
        frame(g);
        worked = SDL_GetPerformanceCounter() - begin;
        if (++g->frames > FIRST_FRAMES) {
            double ms = (double)worked * 1e3 / (double)second;
            if (ms > g->longest_ms) g->longest_ms = ms;
            if (worked > length) g->late++;
        }
        play(g); /* not counted as work */
        next += length;
        now = SDL_GetPerformanceCounter();
        if (now < next) SDL_Delay((Uint32)((next - now) * 1000 / second));
        else next = now; /* what is late stays late */
    }
}

int main(int argc, char **argv) {
    static game g;
    SDL_Window *window = NULL;
    if (argc > 2 && !(g.script = fopen(argv[2], "r"))) return fprintf(stderr, "%s: cannot be read\n", argv[2]), 1;
    if (!npc_open(&g.npc, argc > 1 ? argv[1] : NULL)) {
        g.failed = true;
    } else if (SDL_Init(SDL_INIT_VIDEO) || SDL_CreateWindowAndRenderer(WINDOW_W, WINDOW_H, 0, &window, &g.renderer)) {
        fail(&g, "SDL", SDL_GetError());
    } else {
        SDL_SetWindowTitle(window, "The inn");
        SDL_StartTextInput();
        run(&g);
        printf("%d frames, the longest %.1f ms of work, %d late; %d answers, %d tool calls, %d cancelled, %d failed\n", g.frames, g.longest_ms, g.late,
               g.npc.answers, g.npc.tool_calls, g.npc.cancelled, g.npc.failed);
    }
    npc_close(&g.npc);
    if (g.script) fclose(g.script);
    SDL_Quit();
    return g.failed || g.npc.failed ? 1 : 0;
}
