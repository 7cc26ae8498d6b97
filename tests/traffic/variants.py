#!/usr/bin/env python3
"""The same replies said otherwise: `llmf replay` must make the same of them.

    variants.py [--llmf build/llmf] [--shared DIR] [--seed N]

Each recorded reply is written anew in ways that JSON and event streams leave
open: members in another order, members that nobody knows, blanks, lines that
end in CR LF, no `event:` lines. Compared with what the recording itself gives
is all but times, counts of events and the opaque state. The last line is
`N passed, N failed, N skipped`.
"""
import argparse
import base64
import binascii
import glob
import json
import os
import random
import re
import struct
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, HERE)
import reader  # noqa: E402
from compare import TIMES, replay, short_name  # noqa: E402

WIDTH = 160                     # characters of a value that are shown
SHOWN = 20                      # differences that are
# What the model or the caller wrote: nothing is added to it.
FREE = ("input", "arguments", "args", "parameters", "schema")
DECOY = {"type": "text", "text": "decoy", "content": "decoy", "index": 0,
         "delta": {"content": "decoy", "text": "decoy"},
         "usage": {"prompt_tokens": 88, "total_tokens": 99},
         "finish_reason": "length"}


# ---------------------------------------------------------------- writing

class Number(str):
    """As it was written."""


class Pairs(list):
    """The members of an object."""


def read(text):
    return json.loads(text, object_pairs_hook=Pairs, parse_int=Number,
                      parse_float=Number, parse_constant=Number)


def write(value, blank=""):
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, Pairs):
        return "{%s%s%s}" % (blank, ("," + blank).join(
            "%s:%s%s" % (json.dumps(k), blank, write(v, blank))
            for k, v in value), blank)
    if isinstance(value, list):
        return "[%s%s%s]" % (blank, ("," + blank).join(
            write(v, blank) for v in value), blank)
    return json.dumps(value)


def shuffled(value, dice):
    if isinstance(value, Pairs):
        members = [(k, shuffled(v, dice)) for k, v in value]
        dice.shuffle(members)
        return Pairs(members)
    if isinstance(value, list):
        return [shuffled(v, dice) for v in value]
    return value


def with_unknown(value, dice, key=None):
    if isinstance(value, Pairs) and key not in FREE:
        members = [(k, with_unknown(v, dice, k)) for k, v in value]
        new = dice.choice([DECOY, [DECOY, 1, None], "decoy", -1500.0, None])
        members.insert(dice.randrange(len(members) + 1),
                       ("nobody_knows_this", read(json.dumps(new))))
        return Pairs(members)
    if isinstance(value, list) and not isinstance(value, Pairs):
        return [with_unknown(v, dice) for v in value]
    return value


def without_events(text):
    return re.sub(r"^event:.*\n", "", text, flags=re.M)


def with_crlf(text):
    return text.replace("\n", "\r\n")


# name: what becomes of a JSON text, and of an event stream's lines
WAYS = {
    "another order": (lambda v, dice: write(shuffled(v, dice)), None),
    "unknown members": (lambda v, dice: write(with_unknown(v, dice)), None),
    "blanks": (lambda v, dice: write(v, " \t"), None),
    "CR LF": (None, with_crlf),
    "no event lines": (None, without_events),
}


# ----------------------------------------------------------------- bodies

def json_anew(text, way, dice):
    """Another text of the same meaning; what is no JSON stays."""
    try:
        return way(read(text), dice)
    except ValueError:
        return text


def lines_anew(text, way, dice):
    """Of an event stream its data, of NDJSON each line."""
    stream = re.search(r"^data:", text, re.M)
    out = []
    for line in re.split(r"\r\n|\n|\r", text):
        data = re.match(r"data: ?(.*)", line) if stream else None
        if data:
            line = "data: " + json_anew(data.group(1), way, dice)
        elif line and not stream:
            line = json_anew(line, way, dice)
        out.append(line)
    return "\n".join(out)


def text_anew(text, ways, dice):
    """None: this way says nothing new of it."""
    way, of_lines = ways
    if of_lines:
        return of_lines(text) if re.search(r"^data:", text, re.M) else None
    try:
        read(text)
    except ValueError:
        return lines_anew(text, way, dice)
    return json_anew(text, way, dice)


def frames_anew(data, ways, dice):
    """AWS event streams: payloads anew, with their sums. None: as above, or
    what was recorded is broken, as it is meant to be."""
    way, out = ways[0], b""
    while way and data:
        if len(data) < 16:
            return None
        total, head = struct.unpack(">II", data[:8])
        end = total - 4
        if not 16 + head <= total <= len(data) or binascii.crc32(
                data[:end]) != struct.unpack(">I", data[end:total])[0]:
            return None
        headers = data[12:12 + head]
        body = json_anew(data[12 + head:end].decode(), way, dice).encode()
        front = struct.pack(">II", 16 + head + len(body), head)
        frame = front + struct.pack(">I", binascii.crc32(front)) + \
            headers + body
        out += frame + struct.pack(">I", binascii.crc32(frame))
        data = data[total:]
    return out or None


def said_otherwise(record, ways, dice):
    """A copy of the record, or None."""
    response = dict(record["response"])
    if response.get("body_b64"):
        body = frames_anew(base64.b64decode(response["body_b64"]), ways, dice)
        if body is None:
            return None
        response["body_b64"] = base64.b64encode(body).decode()
    else:
        text = response.get("body_text") or ""
        body = text_anew(text, ways, dice) if text.strip() else None
        if body is None or body == text:
            return None
        response["body_text"] = body
    return dict(record, response=response)


# -------------------------------------------------------------- comparing

def meaning(value, key=None):
    """What must be the same. A message may be the whole body of an error."""
    if isinstance(value, dict):
        return {k: meaning(v, k) for k, v in value.items()
                if k not in TIMES and k not in ("state", "nobody_knows_this")}
    if isinstance(value, list):
        return [meaning(v) for v in value]
    if key in ("message", "arguments_raw") and isinstance(value, str) \
            and value[:1] in ("{", "["):
        try:
            return meaning(json.loads(value))
        except ValueError:
            return value
    return value


def run_way(given, name, recordings, plain):
    dice, made = random.Random(given.seed), {}
    with tempfile.TemporaryDirectory() as folder:
        for path, record in recordings:
            other = said_otherwise(record, WAYS[name], dice)
            if other:
                to = os.path.join(folder, "%d.json" % len(made))
                with open(to, "w", encoding="utf-8") as file:
                    json.dump(other, file)
                made[to] = path
        got, faults = replay(given.llmf, list(made))
    bad = [(path, meaning(plain[path]), meaning(got[to]))
           for to, path in made.items()
           if meaning(plain[path]) != meaning(got[to])]
    for said in faults:
        print("%s: %s" % (name, said))
    for path, want, have in bad[:SHOWN]:
        for key in sorted(set(want) | set(have)):
            if want.get(key) != have.get(key):
                print("%s: %s: %s: %s, not %s" % (
                    name, short_name(path), key, str(have.get(key))[:WIDTH],
                    str(want.get(key))[:WIDTH]))
    print("%-16s %5d replies, %d differ" % (name, len(made), len(bad)))
    if not made:
        faults.append("nothing to compare")
    return len(made) - len(bad), len(bad) + len(faults)


def main():
    root = os.path.dirname(os.path.dirname(HERE))
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--llmf", default=os.path.join(root, "build/llmf"))
    options.add_argument("--shared", default=os.environ.get(
        "LLMF_SHARED", os.path.join(root, "../shared")))
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    traffic = os.path.join(given.shared, "traffic")
    if not os.path.isdir(traffic):
        print("0 passed, 0 failed, 1 skipped")
        return 0
    recordings = []
    for path in sorted(glob.glob(os.path.join(traffic, "*", "*.json"))):
        with open(path, encoding="utf-8") as file:
            record = json.load(file)
        if reader.dialect(record) not in (None, "aws"):
            recordings.append((path, record))
    plain, faults = replay(given.llmf, [path for path, _ in recordings])
    passed, failed = 0, len(faults)
    for name in WAYS:
        right, wrong = run_way(given, name, recordings, plain)
        passed, failed = passed + right, failed + wrong
    print("%d passed, %d failed, 0 skipped" % (passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
