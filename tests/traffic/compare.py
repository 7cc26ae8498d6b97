#!/usr/bin/env python3
"""Compares `llmf replay` with the independent reader over recorded traffic.

    compare.py [--llmf build/llmf] [--shared DIR] [--dialects a,b] [FILE…]
               [--chunk N|each|SEED:random]… [--random K] [--cuts [N]]

Each printed line is compared with reader.read() field by field. With --chunk
or --random the line must be the same as that of the whole body, but for the
number of events and times (rule 35). --cuts sends prefixes of each stream
(rules 24, 25). --jobs: processes that share the files. Printed is a table of
dialects and hosts: interactions, right in every mode, wrong, and in which
fields; then how many comparisons each mode had. The last line is `N passed, N failed, N skipped`; the exit
status is 0 only where nothing failed.
"""
import argparse
import base64
import collections
import copy
import functools
import glob
import json
import multiprocessing
import os
import random
import struct
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, HERE)
import reader  # noqa: E402

BATCH = 200                     # files a call: argv has a limit
WIDTH = 200                     # characters of a value that are shown
SECONDS = 600                   # for one batch
TIMES = ("events", "latency_ms", "first_token_ms")   # rule 35
COUNTS = ("input_tokens", "cache_read_tokens", "cache_write_tokens",
          "output_tokens", "reasoning_tokens")


# ------------------------------------------------------------ running llmf

def batches(items):
    for start in range(0, len(items), BATCH):
        yield items[start:start + BATCH]


def run_batch(llmf, chunk, paths):
    """(lines, exit status, what it said) of one call."""
    command = [llmf, "replay"] + (["--chunk", chunk] if chunk else []) + paths
    try:
        done = subprocess.run(command, capture_output=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return [], "timeout", b""
    return done.stdout.split(b"\n"), done.returncode, done.stderr


def replay(llmf, paths, chunk=None):
    """{path: parsed line, or a str that says why there is none}, faults."""
    found, faults = {}, []
    for batch in batches(paths):
        lines, status, said = run_batch(llmf, chunk, batch)
        failed = False
        for n, path in enumerate(batch):
            line = lines[n] if n < len(lines) else b""
            try:
                found[path] = reader.loads(line) if line.strip() else \
                    "no line (exit status %s)" % status
            except reader.NotJson as fault:
                found[path] = "not JSON: %s: %r" % (fault, line[:WIDTH])
            failed |= not (isinstance(found[path], dict)
                           and found[path].get("ok") is True)
        if status != (1 if failed else 0):
            faults.append("exit status %s for %s…: %s" % (
                status, batch[0], said.decode("utf-8", "replace")[-300:]))
        if any(line.strip() for line in lines[len(batch):]):
            faults.append("more lines than files for %s…" % batch[0])
    return found, faults


# ------------------------------------------------------- comparing one line

def same_json(a, b):
    """Rule 12: numbers and keys as they came; whole numbers to the digit."""
    if isinstance(a, dict) and isinstance(b, dict):
        return len(a.pairs) == len(b.pairs) and all(
            x[0] == y[0] and same_json(x[1], y[1])
            for x, y in zip(a.pairs, b.pairs))
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same_json, a, b))
    if isinstance(a, reader.Int) and isinstance(b, reader.Int):
        return a.text == b.text
    return type(a) is type(b) and a == b


def calls_differ(expected, got):
    """Pairs (field, expected, got) for tool_calls."""
    if not isinstance(got, list) or len(got) != len(expected):
        return [("tool_calls", expected, got)]
    out, ids = [], [c.get("id") for c in got if isinstance(c, dict)]
    for n, (want, have) in enumerate(zip(expected, got)):
        at = "tool_calls[%d]." % n
        have = have if isinstance(have, dict) else {}
        if want["id"] is not None and have.get("id") != want["id"]:
            out.append((at + "id", want["id"], have.get("id")))
        elif want["id"] is None and (          # rule 11
                not isinstance(have.get("id"), str) or not have["id"]
                or ids.count(have["id"]) > 1):
            out.append((at + "id", "any unique text", have.get("id")))
        if have.get("name") != want["name"]:
            out.append((at + "name", want["name"], have.get("name")))
        for field in ("arguments", "arguments_raw"):
            if (field in want) != (field in have) or \
                    (field in want and not same_json(want[field],
                                                     have[field])):
                out.append((at + field, want.get(field, "absent"),
                            have.get(field, "absent")))
    return out


def float32(value):
    """The four bytes of a number; what JSON cannot hold comes as null."""
    if value is None or (isinstance(value, float) and
                         not abs(value) < float("inf")):
        return None
    return struct.pack("<f", value)


def same_vectors(expected, got):
    try:
        return [[float32(x) for x in v] for v in expected] == \
            [[float32(x) for x in v] for v in got]
    except (TypeError, struct.error, OverflowError):
        return False


def usage_differs(expected, got):
    got = got if isinstance(got, dict) else {}
    return [("usage." + name, expected.get(name, "absent"),
             got.get(name, "absent")) for name in COUNTS
            if expected.get(name, "absent") != got.get(name, "absent")]


def error_differs(expected, got):
    got = got if isinstance(got, dict) else {}
    return [("error." + name, expected[name], got.get(name, "absent"))
            for name in ("code", "http_status", "message")
            if name in expected and expected[name] != got.get(name)]


def differences(expected, got):
    """[(field, expected, got)]: empty where the line is right."""
    if not isinstance(got, dict):
        return [("line", expected.get("ok"), got)]
    out = [(name, expected[name], got.get(name, "absent"))
           for name in ("id", "ok", "finish_reason", "tokens", "model_used")
           if name in expected and expected[name] != got.get(name)]
    out += [(name, expected[name], got.get(name, "absent"))
            for name in ("text", "reasoning", "refusal", "finish_reason_raw")
            if name in expected and expected[name] != (got.get(name) or "")]
    out += [(name, expected[name], got.get(name, "absent"))
            for name in ("models", "keys", "prefixes")
            if name in expected and expected[name] != (got.get(name) or [])]
    if "value" in expected or "value_b64" in expected or "keys" in expected:
        out += [(name, expected.get(name, "absent"), got.get(name, "absent"))
                for name in ("value", "value_b64", "next_token")
                if expected.get(name) != got.get(name)]
    if "embeddings" in expected and not same_vectors(
            expected["embeddings"], got.get("embeddings")):
        out.append(("embeddings", expected["embeddings"],
                    got.get("embeddings", "absent")))
    if "tool_calls" in expected:
        out += calls_differ(expected["tool_calls"],
                            got.get("tool_calls") or [])
    if "usage" in expected:
        out += usage_differs(expected["usage"], got.get("usage"))
    if "error" in expected:
        out += error_differs(expected["error"], got.get("error"))
    elif got.get("error"):
        out.append(("error", "absent", got["error"]))
    return out


def without_times(value):
    if isinstance(value, dict):
        return {k: without_times(v) for k, v in value.items()
                if k not in TIMES}
    if isinstance(value, list):
        return [without_times(v) for v in value]
    return value


def line_differs(whole, cut):
    """Rule 35: the same line at every chunking."""
    if not isinstance(whole, dict) or not isinstance(cut, dict):
        return [] if whole == cut else [("line", whole, cut)]
    a, b = without_times(whole), without_times(cut)
    return [(name, a.get(name, "absent"), b.get(name, "absent"))
            for name in sorted(set(a) | set(b)) if a.get(name) != b.get(name)]


# ------------------------------------------------------------------- report

class Report:
    """What was found: of each dialect and host, which interactions are wrong
    in which mode, and the lines that say it. Reports add up."""

    def __init__(self):
        self.asked = collections.Counter()     # (mode) comparisons
        self.wrong = collections.Counter()
        self.ids = collections.defaultdict(set)      # (dialect, host): names
        self.bad = collections.defaultdict(set)
        self.reasons = collections.defaultdict(collections.Counter)
        self.left_out = collections.Counter()
        self.lines = []
        self.faults = 0

    def add(self, mode, kind, host, name, found):
        self.asked[mode] += 1
        self.ids[kind, host].add(name)
        if not found:
            return
        self.wrong[mode] += 1
        self.bad[kind, host].add(name)
        self.reasons[kind].update(set(field for field, _, _ in found))
        self.lines += ["%s: %s: %s: expected %s, got %s" % (
            mode, name, field, show(expected), show(got))
            for field, expected, got in found]

    def fault(self, mode, said):
        self.faults += 1
        self.lines.append("%s: %s" % (mode, said))

    def join(self, other):
        for name in ("asked", "wrong", "left_out"):
            getattr(self, name).update(getattr(other, name))
        for name in ("ids", "bad", "reasons"):
            for key, value in getattr(other, name).items():
                getattr(self, name)[key].update(value)
        self.lines += other.lines
        self.faults += other.faults

    def row(self, title, keys, why=""):
        ids = set().union(*(self.ids[k] for k in keys))
        bad = set().union(*(self.bad[k] for k in keys))
        print("%-34s %12d %8d %8d  %s" % (title, len(ids),
                                          len(ids) - len(bad), len(bad), why))

    def finish(self):
        for line in self.lines:
            print(line)
        print("%-34s %12s %8s %8s  %s" % ("dialect, host", "interactions",
                                          "right", "wrong", "reasons"))
        for kind in sorted(set(k for k, _ in self.ids)):
            keys = sorted(k for k in self.ids if k[0] == kind)
            self.row(kind, keys, ", ".join(
                "%s %d" % r for r in self.reasons[kind].most_common()))
            for key in keys if len(keys) > 1 else []:
                self.row("    " + key[1], [key])
        for reason, count in sorted(self.left_out.items()):
            print("%d recordings left out: %s" % (count, reason))
        for mode in self.asked:
            print("%-16s %6d compared, %d wrong" % (mode, self.asked[mode],
                                                    self.wrong[mode]))
        failed = sum(self.wrong.values()) + self.faults
        print("%d passed, %d failed, 0 skipped" % (
            sum(self.asked.values()) - sum(self.wrong.values()), failed))
        return 1 if failed else 0


def show(value):
    text = value if isinstance(value, str) else \
        json.dumps(value, ensure_ascii=False)
    text = repr(text) if isinstance(value, str) else text
    return text if len(text) <= WIDTH else text[:WIDTH] + "…"


# --------------------------------------------------------------------- cuts

def cut_places(record, body, terminal, many):
    """A bounded, repeatable sample of prefixes, the nasty places first."""
    chance = random.Random(record["id"])
    near = [0, 1, terminal - 1, terminal - 2, terminal - 3, terminal // 2]
    split = [n for n in range(1, terminal) if 0x80 <= body[n] < 0xC0]
    lines = [n for n in range(1, terminal) if body[n - 1] == 0x0A]
    near += chance.sample(split, min(4, len(split)))     # inside a character
    for n in chance.sample(lines, min(8, len(lines))):   # around a line's end
        near += [n, n - 1]
    near += chance.sample(range(terminal), min(many, terminal))
    wanted = sorted(set(n for n in near if 0 <= n < terminal))
    if len(wanted) > many:
        wanted = sorted(chance.sample(wanted, many))
    after = [terminal] if terminal < len(body) else []
    return wanted, after


def cut_copy(record, body, place):
    """The record with the first `place` bytes of its body."""
    out = copy.copy(record)
    out["id"] = "%s@%d" % (record["id"], place)
    out["response"] = {k: v for k, v in record["response"].items()
                       if not k.startswith("body_")}
    part = body[:place]
    try:
        if "body_b64" in record["response"]:
            raise UnicodeDecodeError("utf-8", b"", 0, 1, "binary")
        out["response"]["body_text"] = part.decode("utf-8")
    except UnicodeDecodeError:
        out["response"]["body_b64"] = base64.b64encode(part).decode("ascii")
    request = out.get("request")
    if request and len(json.dumps(request.get("body"))) > 4096:
        small = {k: v for k, v in (request["body"] or {}).items()
                 if isinstance(v, (str, int, float, bool))} \
            if isinstance(request["body"], dict) else None
        out["request"] = dict(request, body=small)
    return out


def cut_differs(expected, got, before):
    """A prefix is truncated, or fails with the stream's own error."""
    if not before:
        return differences(expected, got)
    if not isinstance(got, dict):
        return [("line", "an error", got)]
    code = (got.get("error") or {}).get("code")
    allowed = {"truncated", (expected.get("error") or {}).get("code")}
    out = []
    if got.get("ok") is not False or code not in allowed:
        out.append(("error.code", "truncated", code))
    for name in ("text", "reasoning"):                   # rules 25, 32
        if name in expected and (got.get(name) or "") != expected[name]:
            out.append((name, expected[name], got.get(name, "absent")))
    return out


def run_cuts(llmf, records, many, report):
    with tempfile.TemporaryDirectory() as folder:
        todo = []                    # (path, expected, before, kind, name)
        for path, record, kind in records:
            terminal = reader.terminal_offset(record)
            if terminal is None:
                continue
            body = reader.body_of(record)
            before, after = cut_places(record, body, terminal, many)
            own = (reader.read(record).get("error") or {}).get("code")
            for place in before + after:
                todo.append((record, body, place, place in before, kind, own,
                             short_name(path)))
        for batch in batches(todo):
            run_cut_batch(llmf, folder, batch, report)


def run_cut_batch(llmf, folder, batch, report):
    paths = []
    for n, (record, body, place, _, _, _, _) in enumerate(batch):
        paths.append(os.path.join(folder, "%d.json" % n))
        with open(paths[-1], "w", encoding="utf-8") as file:
            json.dump(cut_copy(record, body, place), file)
    found, faults = replay(llmf, paths)
    for said in faults:
        report.fault("cuts", said)
    for path, (record, body, place, before, kind, own, name) in zip(paths,
                                                                    batch):
        expected = reader.read(record, body[:place])
        expected["id"] = "%s@%d" % (record["id"], place)
        got = found[path]
        wrong = cut_differs(expected, got, before)
        if before and isinstance(got, dict) and own is not None:
            wrong = [w for w in wrong if w[0] != "error.code"
                     or w[2] != own or got.get("ok") is not False]
        report.add("cuts", kind, record["provider"], name,
                   [("%s cut at %d" % (w[0], place), w[1], w[2])
                    for w in wrong])


# --------------------------------------------------------------------- main

def wanted(kind, dialects):
    """`embed` names every `embed:…`."""
    return not dialects or kind in dialects or kind.split(":")[0] in dialects


def load(paths, dialects, report):
    """[(path, record, dialect)] of what is in scope."""
    out = []
    for path in paths:
        with open(path, encoding="utf-8") as file:
            record = json.load(file)
        kind = reader.dialect(record)
        if kind is None:
            report.left_out["out of scope (RULES.md 36)"] += 1
        elif wanted(kind, dialects):
            out.append((path, record, kind))
    return out


def compare(given, paths):
    """The report over some of the files: one process's share."""
    report = Report()
    records = load(paths, set(filter(None, given.dialects.split(","))), report)
    names = [path for path, _, _ in records]
    whole, faults = replay(given.llmf, names)
    for said in faults:
        report.fault("whole", said)
    for path, record, kind in records:
        report.add("whole", kind, record["provider"], short_name(path),
                   differences(reader.read(record), whole[path]))
    for chunk in given.chunk + ["%d:random" % n for n in
                                range(1, given.random + 1)]:
        found, faults = replay(given.llmf, names, chunk)
        for said in faults:
            report.fault(chunk, said)
        for path, record, kind in records:
            report.add(chunk, kind, record["provider"], short_name(path),
                       line_differs(whole[path], found[path]))
    if given.cuts:
        run_cuts(given.llmf, records, given.cuts, report)
    return report


def short_name(path):
    return os.path.join(*path.split(os.sep)[-2:])


def main():
    root = os.path.dirname(os.path.dirname(HERE))
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--llmf", default=os.path.join(root, "build/llmf"))
    options.add_argument("--shared", default=os.environ.get(
        "LLMF_SHARED", os.path.join(root, "../shared")))
    options.add_argument("--dialects", default="")
    options.add_argument("--chunk", action="append", default=[])
    options.add_argument("--random", type=int, default=0, metavar="K")
    options.add_argument("--cuts", type=int, nargs="?", const=40, default=0)
    options.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options.add_argument("files", nargs="*")
    given = options.parse_args()
    traffic = os.path.join(given.shared, "traffic")
    if not given.files and not os.path.isdir(traffic):
        print("0 passed, 0 failed, 1 skipped")
        return 0
    paths = given.files or sorted(glob.glob(os.path.join(traffic,
                                                         "*", "*.json")))
    report = Report()
    if not os.access(given.llmf, os.X_OK):
        report.fault("whole", "%s: not there; build it with make" % given.llmf)
        return report.finish()
    shares = [paths[n::4 * given.jobs] for n in range(4 * given.jobs)]
    with multiprocessing.Pool(given.jobs) as pool:
        for part in pool.imap(functools.partial(compare, given), shares):
            report.join(part)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
