#ifndef LLMFI_NET_ROOTS_H
#define LLMFI_NET_ROOTS_H
#endif
