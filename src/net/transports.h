/* The transports of this build. */
#ifndef LLMFI_NET_TRANSPORTS_H
#define LLMFI_NET_TRANSPORTS_H
#include "custom.h"
#include "echo.h"
#include "pins.h"
#include "replay.h"
#include "stream.h"
#if LLMF_HAS_REPLAY
#define LLMFI_LIST_REPLAY " replay"
#else
#define LLMFI_LIST_REPLAY ""
#endif
#if LLMF_HAS_SOCKET
#include "socket.h"
#define LLMFI_LIST_SOCKET " socket"
#else
#define LLMFI_LIST_SOCKET ""
#endif
#if LLMF_HAS_CURL
#include "curl.h"
#define LLMFI_LIST_CURL " curl"
#else
#define LLMFI_LIST_CURL ""
#endif

#define LLMFI_TRANSPORT_LIST LLMFI_LIST_REPLAY LLMFI_LIST_SOCKET LLMFI_LIST_CURL

#endif
