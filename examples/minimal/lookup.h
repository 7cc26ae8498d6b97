/* The address of a host, for llmf_desc.resolve: as /etc/hosts has it, else as the name servers of /etc/resolv.conf say. It allocates nothing, and waits for
   at most some seconds. A C library's own look-up would be a quarter of this program. */
#ifndef LOOKUP_H
#define LOOKUP_H
#include <stddef.h>

int look_up(void *user, const char *host, char (*out)[64], int cap);

/* The addresses in a reply of DNS, as texts: how many of them went into out. */
int dns_addresses(const unsigned char *reply, size_t len, char (*out)[64], int cap);

#endif
