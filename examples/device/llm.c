/* The library, once, in a file of its own: tests/device.sh tells what it weighs. */
#define LLMFACTORY_IMPLEMENTATION
#include "llm.h"
