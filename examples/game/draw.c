#include "draw.h"
#include <string.h>

/* The characters from blank to underscore, 5 by 5 dots each: 25 bits, the upper left dot first. Small letters look like capitals. */
static const Uint32 font[64] = {
    0x0000000, 0x0421004, 0x0a50000, 0x0afabea, 0x0fa38be, 0x19d1173, 0x0c9326d, 0x0420000,
    0x0221082, 0x0821088, 0x00abaa0, 0x0023880, 0x0000088, 0x0003800, 0x0000004, 0x0111110,
    0x0e9d72e, 0x046108e, 0x1e0ba1f, 0x1e0b83e, 0x1297c42, 0x1f8783e, 0x0e87a2e, 0x1f08884,
    0x0e8ba2e, 0x0e8bc2e, 0x0020080, 0x0020088, 0x0222082, 0x00701c0, 0x0820888, 0x1e09804,
    0x0eade0f, 0x0e8fe31, 0x1e8fa3e, 0x0f8420f, 0x1e8c63e, 0x1f87a1f, 0x1f87a10, 0x0f84e2f,
    0x118fe31, 0x0e2108e, 0x070862e, 0x1197251, 0x108421f, 0x11dd631, 0x11cd671, 0x0e8c62e,
    0x1e8fa10, 0x0e8d64d, 0x1e8fa51, 0x0f8383e, 0x1f21084, 0x118c62e, 0x118c544, 0x118d771,
    0x1151151, 0x1151084, 0x1f1111f, 0x0e4210e, 0x1041041, 0x0e1084e, 0x0450000, 0x000001f,
};
enum { DOT = 2, CHAR_W = 6 * DOT, LINE_H = 8 * DOT, BUBBLE_CHARS = 32, BUBBLE_LINES = 6 };

static void box(SDL_Renderer *r, float x, float y, float w, float h, Uint32 rgb) {
    SDL_FRect at = {x, y, w, h};
    SDL_SetRenderDrawColor(r, (Uint8)(rgb >> 16), (Uint8)(rgb >> 8), (Uint8)rgb, 255);
    SDL_RenderFillRectF(r, &at);
}

static void letter(SDL_Renderer *r, float x, float y, char c, Uint32 rgb) {
    int i, at = c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c;
    Uint32 dots = font[at >= ' ' && at <= '_' ? at - ' ' : '?' - ' '];
    for (i = 0; i < 25; i++)
        if (dots >> (24 - i) & 1) box(r, x + (float)(i % 5 * DOT), y + (float)(i / 5 * DOT), DOT, DOT, rgb);
}

static void text(SDL_Renderer *r, float x, float y, const char *s, size_t len, Uint32 rgb) {
    size_t i;
    for (i = 0; i < len; i++, x += CHAR_W) letter(r, x, y, s[i], rgb);
}

/* How many characters of s fit into a line of the bubble: up to a blank, if there is one. */
static size_t line_len(const char *s) {
    size_t len = strcspn(s, "\n"), cut = BUBBLE_CHARS;
    if (len <= BUBBLE_CHARS) return len;
    while (cut && s[cut] != ' ') cut--;
    return cut ? cut : BUBBLE_CHARS;
}

static const char *next_line(const char *s) {
    s += line_len(s);
    return *s == ' ' || *s == '\n' ? s + 1 : s;
}

/* Above the head, or below the feet where there is no room; of a long speech the last lines. */
static void bubble(SDL_Renderer *r, float x, float y, const char *said) {
    const char *s;
    size_t lines = 0, longest = 0;
    float w, h;
    for (s = said; *s; s = next_line(s)) lines++;
    for (; lines > BUBBLE_LINES; lines--) said = next_line(said);
    for (s = said; *s; s = next_line(s)) longest = line_len(s) > longest ? line_len(s) : longest;
    if (!lines) return;
    w = (float)((longest + 1) * CHAR_W);
    h = (float)((lines + 1) * LINE_H);
    x = x - w / 2 < 4 ? 4 : x + w / 2 > WINDOW_W - 4 ? WINDOW_W - 4 - w : x - w / 2;
    y = y - h < 4 ? y + 2 * TILE : y - h;
    box(r, x, y, w, h, 0xf4f0e0);
    for (s = said, y += LINE_H / 2 + 3; *s; s = next_line(s), y += LINE_H) text(r, x + CHAR_W / 2 + 1, y, s, line_len(s), 0x202028);
}

void draw(SDL_Renderer *r, const npc *n, const char *typed, int frame) {
    float x = n->x * TILE, y = n->y * TILE, run = (float)(frame % (2 * (WINDOW_W - TILE)));
    size_t len = strlen(typed), most = WINDOW_W / CHAR_W - 4;
    int i;
    for (i = 0; i < ROOM_W * ROOM_H; i++)
        box(r, (float)(i % ROOM_W * TILE), (float)(i / ROOM_W * TILE), TILE, TILE, (i % ROOM_W + i / ROOM_W) % 2 ? 0x6b5a45 : 0x635340);
    box(r, 9 * TILE, 0, 2 * TILE, 14, 0x303030); /* the hearth and its fire */
    box(r, 9 * TILE + 12, (float)(2 + frame / 8 % 3), 40, 10, frame / 8 % 2 ? 0xe08020 : 0xf0a030);
    run = run < WINDOW_W - TILE ? run : 2 * (WINDOW_W - TILE) - run; /* a cat, along the wall and back */
    box(r, run, ROOM_H * TILE - 18, 24, 10, 0x2a2a30);
    box(r, x + 8, y + 12, 16, 18, 0x2060a0); /* Ada: coat, head, an arm or a waving one */
    box(r, x + 10, y, 12, 12, 0xe0b090);
    box(r, x + 24, n->waving / 10 % 2 ? y - 4 : y + 14, 4, 12, 0xe0b090);
    bubble(r, x + TILE / 2, y - 8, n->said);
    box(r, 0, ROOM_H * TILE, WINDOW_W, INPUT_H, 0x181818);
    if (len > most) typed += len - most, len = most;
    text(r, CHAR_W, ROOM_H * TILE + 11, ">", 1, 0x909090);
    text(r, 3 * CHAR_W, ROOM_H * TILE + 11, typed, len, 0xf0f0f0);
    if (frame / 30 % 2) box(r, (float)(3 * CHAR_W + (int)len * CHAR_W), ROOM_H * TILE + 9, DOT, 14, 0xf0f0f0);
}
