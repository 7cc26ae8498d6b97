/* Windows' own headers, in the only order that they bear: the sockets' first. Nothing else of the library includes them. */
#ifndef LLMFI_BASE_WINDOWS_H
#define LLMFI_BASE_WINDOWS_H
#include "../options.h"
#if defined(_WIN32) && LLMF_HAS_STDLIB
#if defined(INVALID_SOCKET) && !defined(_WINSOCK2API_)
#error "llmfactory: windows.h stands before this and has brought the old winsock.h. In the file with LLMFACTORY_IMPLEMENTATION include llmfactory.h before it, or define WIN32_LEAN_AND_MEAN"
#endif
#include <winsock2.h>
#include <ws2tcpip.h>
#include <windows.h>
#endif
#endif
