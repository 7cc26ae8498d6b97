#!/usr/bin/env python3
"""Where each recorded stream becomes whole, told by the reader of tests/traffic: `terminal.py SHARED > build/terminal.tsv`.

A line is: path, dialect, length of the body, terminal offset (a cut strictly before it is `truncated`, or the stream's own error), ok or the error's code.
"""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "traffic"))
import reader  # noqa: E402

# The dialect of the library that reads what the reader calls so.
DIALECTS = {"openai": "openai", "openai_responses": "openai_responses", "anthropic": "anthropic", "gemini": "gemini",
            "bedrock": "bedrock", "bedrock_invoke": "bedrock", "cohere": "cohere", "ollama": "ollama"}


def main(shared):
    for folder, _, names in sorted(os.walk(os.path.join(shared, "traffic"))):
        for name in sorted(names):
            if not name.endswith(".json"):
                continue
            path = os.path.join(folder, name)
            with open(path, encoding="utf-8") as file:
                record = json.load(file)
            if not isinstance(record, dict) or not record.get("stream") or "response" not in record:
                continue
            kind = reader.dialect(record)
            if kind not in DIALECTS:
                continue
            whole = reader.terminal_offset(record)
            if whole is None:
                continue
            reply = reader.read(record)
            print(path, DIALECTS[kind], len(reader.body_of(record)), whole, "ok" if reply["ok"] else reply["error"]["code"], sep="\t")


main(sys.argv[1])
