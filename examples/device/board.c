/* A Cortex-M3, as Arm's MPS2 board has it with the image AN385, and as QEMU's mps2-an385 plays it: vectors, start-up, a clock, the debugger's semihosting
   for output, and the four functions that compilers call by themselves. No C library. */
#include "board.h"

enum { CLOCK_HZ = 25000000, PAINT = 0xA5 };

extern uint32_t board_data_from[], board_data[], board_data_end[], board_bss[], board_bss_end[]; /* board.ld */
extern unsigned char board_stack_low[], board_stack_top[];

/* ---- the debugger (Arm's "Semihosting for AArch32 and AArch64") ---- */

enum { HOST_OPEN = 0x01, HOST_WRITE = 0x05, HOST_EXIT_EXTENDED = 0x20, HOST_EXITED = 0x20026 };

static uint32_t host_call(uint32_t what, const void *block) {
    register uint32_t r0 __asm__("r0") = what;
    register const void *r1 __asm__("r1") = block;
    __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

void board_write(const char *text, size_t len) {
    static uint32_t console; /* handle + 1 */
    uint32_t block[3];
    if (!console) {
        block[0] = (uint32_t)(uintptr_t) ":tt";
        block[1] = 4; /* "w" */
        block[2] = 3;
        console = host_call(HOST_OPEN, block) + 1;
    }
    block[0] = console - 1;
    block[1] = (uint32_t)(uintptr_t)text;
    block[2] = (uint32_t)len;
    host_call(HOST_WRITE, block);
}

void board_exit(int code) {
    uint32_t block[2];
    block[0] = HOST_EXITED;
    block[1] = (uint32_t)code;
    host_call(HOST_EXIT_EXTENDED, block);
    for (;;) board_sleep();
}

/* ---- the clock ---- */

#define SYST ((volatile uint32_t *)0xE000E010u) /* control, reload, current (Armv7-M Architecture Reference Manual, B3.3) */

static volatile uint32_t ticks;

static void on_tick(void) {
    ticks++;
}

uint32_t board_ms(void) {
    return ticks;
}

void board_sleep(void) {
    __asm__ volatile("wfi");
}

/* ---- the stack ---- */

size_t board_stack(void) {
    return (size_t)(board_stack_top - board_stack_low);
}

/* It was painted at the start: how far down the paint has gone. */
size_t board_stack_used(void) {
    const unsigned char *at = board_stack_low;
    while (at < board_stack_top && *at == PAINT) at++;
    return (size_t)(board_stack_top - at);
}

/* ---- start ---- */

/* Also where a stack goes that has grown out of its room: below it is no memory. Nothing may be pushed here, so the stack begins anew. */
__attribute__((naked)) static void on_fault(void) {
    __asm__ volatile("ldr r0, =board_stack_top\n msr msp, r0\n b board_faulted");
}

void board_faulted(void);
void board_faulted(void) {
    static const char text[] = "fault: a bad address, or the stack is used up\n";
    board_write(text, sizeof text - 1);
    board_exit(1);
}

void board_reset(void);
void board_reset(void) {
    uint32_t *to;
    const uint32_t *from = board_data_from;
    volatile unsigned char *paint = board_stack_low;
    uintptr_t here;
    __asm__ volatile("mov %0, sp" : "=r"(here));
    for (to = board_data; to < board_data_end; to++) *to = *from++;
    for (to = board_bss; to < board_bss_end; to++) *to = 0;
    while ((uintptr_t)paint < here) *paint++ = PAINT;
    SYST[1] = CLOCK_HZ / 1000 - 1;
    SYST[2] = 0;
    SYST[0] = 7; /* the processor's clock, interrupt, on */
    board_exit(main());
}

__attribute__((section(".vectors"), used)) static void (*const vectors[16])(void) = {
    (void (*)(void))(uintptr_t)board_stack_top, board_reset, on_fault, on_fault, on_fault, on_fault, on_fault, 0, 0, 0, 0, on_fault, on_fault, 0, on_fault, on_tick,
};

/* ---- what compilers call by themselves ---- */

void *memmove(void *to, const void *from, size_t len) {
    unsigned char *t = (unsigned char *)to;
    const unsigned char *f = (const unsigned char *)from;
    if (t <= f)
        while (len--) *t++ = *f++;
    else
        while (len--) t[len] = f[len];
    return to;
}

void *memcpy(void *restrict to, const void *restrict from, size_t len) {
    return memmove(to, from, len);
}

void *memset(void *to, int byte, size_t len) {
    unsigned char *t = (unsigned char *)to;
    while (len--) *t++ = (unsigned char)byte;
    return to;
}

int memcmp(const void *a, const void *b, size_t len) {
    const unsigned char *x = (const unsigned char *)a, *y = (const unsigned char *)b;
    for (; len; x++, y++, len--)
        if (*x != *y) return *x - *y;
    return 0;
}
