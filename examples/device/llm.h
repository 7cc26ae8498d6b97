/* How this device builds llmfactory: included before anything of it is used. */
#ifndef LLM_H
#define LLM_H
#define LLMF_NO_STDLIB 1                     /* nothing but memcpy, memmove, memset, memcmp: board.c has them */
#define LLMF_ONLY 1                          /* and nothing that is not named. The providers come from the command line: -DLLMF_WITH_OPENAI=1 */
#define LLMF_WITH_CUSTOM 1                   /* llmf_desc.custom_stream */
#define LLMF_HEAP_UNIT 32                    /* small pieces of a small block */
#define LLMF_ARENA_PIECE 256
#define LLMF_BODY_KEEP 256                   /* longer requests are written twice: once to be measured, once to be sent */
#define LLMF_MAX_HANDLES 8
#define LLMF_MAX_REQUEST_HEADERS 12
#define LLMF_MAX_QUEUED 16
#include "llmfactory.h"
#endif
