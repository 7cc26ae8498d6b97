#!/usr/bin/env python3
"""Where each recorded stream becomes whole, told by the reader of tests/traffic: `terminal.py SHARED > build/terminal.tsv`.

A line is: path, dialect, length of the body, terminal offset (a cut strictly before it is `truncated`, or the stream's own error), ok or the error's code.
"""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "traffic"))
import reader  # noqa: E402

DIALECTS = {"chat_completions": "openai", "messages": "anthropic", "api_chat": "ollama"}


def main(shared):
    for folder, _, names in sorted(os.walk(os.path.join(shared, "traffic"))):
        for name in sorted(names):
            if not name.endswith(".json"):
                continue
            path = os.path.join(folder, name)
            with open(path, encoding="utf-8") as file:
                record = json.load(file)
            if not isinstance(record, dict) or record.get("operation") not in DIALECTS or not record.get("stream"):
                continue
            whole = reader.terminal_offset(record)
            if whole is None:
                continue
            reply = reader.read(record)
            print(path, DIALECTS[record["operation"]], len(reader.body_of(record)), whole, "ok" if reply["ok"] else reply["error"]["code"], sep="\t")


main(sys.argv[1])
