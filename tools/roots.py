#!/usr/bin/env python3
"""Writes src/net/roots.h: names and keys of the roots that tools/roots.txt names, out of a PEM bundle.

    roots.py BUNDLE            rewrites src/net/roots.h (BUNDLE: /etc/ssl/certs/ca-certificates.crt, or one of your own)
    roots.py --check BUNDLE    compares, and says how to mend a difference

A name that the bundle does not have, or has twice, is an error. The signatures are not looked at: a root is trusted because of where the bundle comes from.
Same files, same output."""
import base64
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
CHOICE = os.path.join(HERE, "roots.txt")
OUT = os.path.join(HERE, "..", "src", "net", "roots.h")
CURVES = {bytes.fromhex("2a8648ce3d030107"): "BR_EC_secp256r1", bytes.fromhex("2b81040022"): "BR_EC_secp384r1", bytes.fromhex("2b81040023"): "BR_EC_secp521r1"}
RSA = bytes.fromhex("2a864886f70d010101")
NAMES = {bytes.fromhex("550403"), bytes.fromhex("55040b")}  # commonName, organizationalUnitName


def element(der, at):
    """tag, contents, the whole element, and where the next one begins"""
    length, head = der[at + 1], 2
    if length & 0x80:
        head += length & 0x7F
        length = int.from_bytes(der[at + 2:at + head], "big")
    end = at + head + length
    if end > len(der):
        raise ValueError("cut off")
    return der[at], der[at + head:end], der[at:end], end


def elements(der):
    at, found = 0, []
    while at < len(der):
        tag, value, whole, at = element(der, at)
        found.append((tag, value, whole))
    return found


def names(subject):
    return [elements(pair)[1][1].decode("utf-8", "replace") for _, group, _ in elements(subject) for _, pair, _ in elements(group) if elements(pair)[0][1] in NAMES]


def root(der):
    """the names of a certificate, its subject's bytes, the curve (None: RSA) and the key's bytes: of RSA the modulus"""
    fields = elements(elements(elements(der)[0][1])[0][1])
    if fields[0][0] == 0xA0:
        fields = fields[1:]
    subject, key = fields[4], elements(fields[5][1])
    algorithm, bits = elements(key[0][1]), key[1][1][1:]
    if algorithm[0][1] != RSA:
        return names(subject[1]), subject[2], CURVES[algorithm[1][1]], bits
    modulus, exponent = (number[1].lstrip(b"\0") for number in elements(elements(bits)[0][1]))
    if exponent != b"\x01\x00\x01":
        raise ValueError("an exponent that is not 65537")
    return names(subject[1]), subject[2], None, modulus


def main(argv):
    check = argv[:1] == ["--check"]
    argv = argv[check:]
    if len(argv) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    with open(argv[0], encoding="ascii", errors="replace") as f:
        bundle = [base64.b64decode(body) for body in re.findall("-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", f.read(), re.S)]
    with open(CHOICE, encoding="utf-8") as f:
        wanted = [line.strip() for line in f if line.strip() and not line.startswith("#")]
    found = {}
    for der in bundle:
        try:
            its_names, subject, curve, key = root(der)
        except (KeyError, ValueError, IndexError):
            continue  # of a kind that is not wanted
        for name in its_names:
            if name in wanted and found.setdefault(name, (subject, curve, key)) != (subject, curve, key):
                print(f"roots.py: {argv[0]} has \"{name}\" twice: name it otherwise in tools/roots.txt", file=sys.stderr)
                return 1
    missing = [name for name in wanted if name not in found]
    if missing:
        print(f"roots.py: {argv[0]} has no {', no '.join(missing)}: take a newer bundle, or take the name out of tools/roots.txt", file=sys.stderr)
        return 1
    blob = b"".join(found[name][0] + found[name][2] for name in wanted)
    rows = "".join(f"    {{{len(found[name][0])}, {len(found[name][2])}, {found[name][1] or '0'}}}, /* {name} */\n" for name in wanted)
    lines, line = [], "   "
    for byte in blob:
        if len(line) + 5 > 150:
            lines.append(line)
            line = "   "
        line += f" {byte},"
    lines.append(line)
    text = f"""/* The roots of LLMF_WITH_ROOTS=1. Written by tools/roots.py from a bundle of roots and tools/roots.txt; not edited by hand.
   {len(wanted)} roots: {len(blob):,} bytes of names and keys in the program, {64 * len(wanted):,} of the block at the first https connection. The whole bundle of a system: 90 KB of the block. */
#ifndef LLMFI_NET_ROOTS_H
#define LLMFI_NET_ROOTS_H
#include "../options.h"

#if LLMF_HAS_ROOTS
#include <bearssl.h>

typedef struct llmfi_root {{
    unsigned short name, key;                /* bytes of each: one behind the other in llmfi_root_bytes */
    unsigned short curve;                    /* 0: RSA with the exponent 65537; the key is its modulus */
}} llmfi_root;

static const llmfi_root llmfi_roots[] = {{
{rows}}};

static const unsigned char llmfi_root_bytes[] = {{
""" + "\n".join(lines).rstrip(",") + """
};

#endif
#endif
"""
    if not check:
        with open(OUT, "w", encoding="utf-8") as f:
            f.write(text)
        return 0
    with open(OUT, encoding="utf-8") as f:
        if f.read() == text:
            return 0
    print(f"roots.py: src/net/roots.h is not what {argv[0]} gives: run python3 tools/roots.py {argv[0]} && make product", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
