#!/usr/bin/env python3
"""Counts recorded chats with `llmf tokens --request` and compares with the prompt_tokens that the provider said.

    tokens.py [--llmf build/llmf] [--shared DIR]

Taken are chats of OpenAI's models in its own dialect whose messages are text alone, without tools and formats: what is not written down anywhere is not
compared. A count that calls itself exact must be the provider's in nine of ten, and never more than ALLOWED below it. The last line is
`N passed, N failed, N skipped`.
"""
import argparse
import collections
import glob
import json
import os
import re
import subprocess
import sys

ALLOWED = 2
# What the provider put into the prompt besides, or the recorder has changed.
LEFT_OUT = ("prompt-caching-cache-write", "web-search-tool", "tool-call-streamed", "v1-chat-completion.5739185bd0")


def request_of(body):
    """The Request, or None where there is more than text."""
    if body.get("tools") or body.get("functions") or (body.get("response_format") or {}).get("type", "text") != "text":
        return None
    messages = []
    for m in body.get("messages") or []:
        content = m.get("content")
        if isinstance(content, list):
            if any(p.get("type") != "text" for p in content):
                return None
            content = [{"type": "text", "text": p["text"]} for p in content]
        role = {"developer": "system"}.get(m.get("role"), m.get("role"))
        if content is None or m.get("name") or m.get("tool_calls") or role not in ("system", "user", "assistant"):
            return None
        messages.append({"role": role, "content": content})
    return {"messages": messages} if messages else None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--llmf", default="build/llmf")
    parser.add_argument("--shared", default=os.environ.get("LLMF_SHARED", "../shared"))
    args = parser.parse_args()
    ranks = [os.path.join(args.shared, "corpora", "tiktoken", n + ".tiktoken") for n in ("o200k_base", "cl100k_base")]
    files = sorted(glob.glob(os.path.join(args.shared, "traffic", "*", "chat_completions.*.json")))
    if not files or not all(map(os.path.exists, ranks)):
        print("0 passed, 0 failed, 1 skipped")
        return 0
    seen, off = collections.Counter(), collections.defaultdict(list)
    for path in files:
        if any(word in path for word in LEFT_OUT):
            continue
        with open(path, encoding="utf-8") as f:
            record = json.load(f)
        body = (record.get("request") or {}).get("body")
        usage = re.findall(r'"prompt_tokens"\s*:\s*(\d+)', record["response"].get("body_text") or "")
        if not isinstance(body, dict) or not usage or record["provider"] not in ("openai", "azure", "openrouter", "portkey", "vercel-gateway", "litellm-proxy"):
            continue
        model = str(body.get("model") or "").split("/")[-1]
        request = request_of(body) if re.match(r"gpt-|o\d", model) else None
        if not request:
            continue
        request["model"] = "openai:" + model
        done = subprocess.run([args.llmf, "tokens", "--request", "--ranks", ranks[bool(re.match(r"gpt-(4(?![o.])|3)", model))]], input=json.dumps(request).encode(), stdout=subprocess.PIPE, check=False)
        told = json.loads(done.stdout)
        if told.get("method") != "exact":
            seen["estimates"] += 1
            continue
        seen["counted"] += 1
        if told["tokens"] != int(usage[-1]):
            off[told["tokens"] - int(usage[-1])].append("%s %s" % (model, os.path.basename(path)))
    wrong = sum(map(len, off.values()))
    for by, names in sorted(off.items()):
        print("%+d: %s" % (by, ", ".join(names)))
    print("%d of %d recorded chats are counted as their providers did; the others are off by %s; %d could only be estimated" %
          (seen["counted"] - wrong, seen["counted"], ", ".join("%+d" % by for by in sorted(off)) or "nothing", seen["estimates"]))
    checks = [seen["counted"] >= 40, wrong * 10 <= seen["counted"], all(by >= -ALLOWED for by in off)]
    print("%d passed, %d failed, 0 skipped" % (sum(checks), len(checks) - sum(checks)))
    return not all(checks)


if __name__ == "__main__":
    sys.exit(main())
