#!/usr/bin/env python3
"""A server of names on loopback, for tests/minimal.sh; its port is its first line. It knows four names: v4.test (by way of an alias) and v6.test are this
machine, slow.test answers for IPv4 alone, odd.test fails here. Of another name it says that there is none; of silent.test nothing."""
import socket
import struct

A, CNAME, AAAA = 1, 5, 28
V4, V6 = socket.inet_pton(socket.AF_INET, "127.0.0.1"), socket.inet_pton(socket.AF_INET6, "::1")
ALIAS = b"\x05alias\xc0\x0f"  # and the rest of the question's name
KNOWN = {
    ("v4.test", A): [(CNAME, ALIAS), (A, V4)], ("v4.test", AAAA): [(CNAME, ALIAS)],
    ("v6.test", A): [], ("v6.test", AAAA): [(AAAA, V6)],
    ("slow.test", A): [(A, V4)],
}
SILENT = {("slow.test", AAAA), ("silent.test", A), ("silent.test", AAAA)}


def name_of(question):
    parts, at = [], 0
    while question[at]:
        parts.append(question[at + 1:at + 1 + question[at]].decode())
        at += 1 + question[at]
    return ".".join(parts), struct.unpack(">H", question[at + 1:at + 3])[0]


def answer(packet):
    asked = name_of(packet[12:])
    if asked in SILENT:
        return None
    records = KNOWN.get(asked)
    code = 2 if asked[0] == "odd.test" else 3 if records is None else 0
    out = packet[:2] + struct.pack(">HHHHH", 0x8180 | code, 1, len(records or []), 0, 0) + packet[12:]
    for kind, data in records or []:
        out += b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 60, len(data)) + data
    return out


s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1], flush=True)
while True:
    packet, sender = s.recvfrom(2048)
    reply = answer(packet)
    if reply:
        s.sendto(b"\0\0" + reply[2:], sender)  # of nobody's question: passed over
        s.sendto(reply, sender)
