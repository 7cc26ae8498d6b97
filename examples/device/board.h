/* The board: what a program without an operating system needs of the chip under it. */
#ifndef BOARD_H
#define BOARD_H
#include <stddef.h>
#include <stdint.h>

int main(void);

/* Milliseconds since reset, counted by the SysTick interrupt. */
uint32_t board_ms(void);
/* Sleeps until the next interrupt. */
void board_sleep(void);
/* Out through the debugger. */
void board_write(const char *text, size_t len);
/* Ends the program; 0: all went well. */
void board_exit(int code);
/* Bytes of stack: all of it, and the most that was ever in use. */
size_t board_stack(void);
size_t board_stack_used(void);

/* What compilers call by themselves, and llmfactory besides. */
void *memcpy(void *restrict to, const void *restrict from, size_t len);
void *memmove(void *to, const void *from, size_t len);
void *memset(void *to, int byte, size_t len);
int memcmp(const void *a, const void *b, size_t len);

#endif
