/* What a server of names may send to examples/minimal: a good reply, cut at each byte, and with each byte changed. For the sanitizers. */
#include "../../examples/minimal/lookup.h"
#include "expect.h"
#include <stdlib.h>
#include <string.h>

#define HEAD "\x12\x34\x81\x80\0\1\0\3\0\0\0\0"
#define QUESTION "\3llm\4test\0\0\1\0\1"
#define ALIAS "\xC0\x0C\0\5\0\1\0\0\0\x3C\0\4\1a\xC0\x10"
#define V4 "\xC0\x26\0\1\0\1\0\0\0\x3C\0\4\xC0\0\2\xFF"
#define V6 "\1a\xC0\x10\0\x1C\0\1\0\0\0\x3C\0\x10\x20\1\x0D\xB8\0\0\0\0\0\0\0\0\0\0\xAB\xCD"
static const char reply[] = HEAD QUESTION ALIAS V4 V6;
enum { LEN = sizeof reply - 1 };

/* In a piece of memory that ends where the reply does. */
static int read_reply(const char *from, size_t len, char (*out)[64], int cap) {
    unsigned char *copy = (unsigned char *)malloc(len ? len : 1);
    int count, i;
    if (!copy) exit(1);
    memcpy(copy, from, len);
    count = dns_addresses(copy, len, out, cap);
    for (i = 0; i < count; i++)
        if (!memchr(out[i], '\0', 64)) count = -1;
    free(copy);
    return count;
}

int main(void) {
    char out[8][64], changed[LEN];
    size_t i;
    int bit;
    expect(read_reply(reply, LEN, out, 8) == 2, "two addresses", LEN);
    expect(!strcmp(out[0], "192.0.2.255"), "IPv4", LEN);
    expect(!strcmp(out[1], "2001:db8:0:0:0:0:0:abcd"), "IPv6", LEN);
    expect(read_reply(reply, LEN, out, 1) == 1, "no more than there is room for", LEN);
    for (i = 0; i < LEN; i++) expect(read_reply(reply, i, out, 8) == (i >= LEN - (sizeof V6 - 1)), "a cut reply", (long)i);
    for (i = 0; i < LEN; i++)
        for (bit = 0; bit < 8; bit++) {
            memcpy(changed, reply, LEN);
            changed[i] = (char)(changed[i] ^ 1 << bit);
            expect(read_reply(changed, LEN, out, 8) >= 0, "a changed reply", (long)i);
        }
    return told();
}
