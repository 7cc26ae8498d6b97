"""The big list of naughty strings through each field of a request, a config and a header, and back through a second JSON parser.

Each string is either kept to the byte or refused with a message that names the field. Reads LLMF_SHARED/corpora/blns; the last line is
`N passed, N failed, N skipped`.
"""
import base64
import json
import os
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LLMF = os.path.join(ROOT, "build/llmf")
FOLDER = os.path.join(os.environ.get("LLMF_SHARED", os.path.join(ROOT, "../shared")), "corpora/blns")
MODELS = ("openai:m", "anthropic:m", "ollama:m")
ENV = {"PATH": os.environ["PATH"], "OPENAI_API_KEY": "k", "ANTHROPIC_API_KEY": "k", "LC_ALL": "C.UTF-8"}

passed = failed = 0


def check(good, what):
    global passed, failed
    if good:
        passed += 1
    else:
        failed += 1
        print("FAILED:", what)


def llmf(arguments, given=b"", env=ENV):
    return subprocess.run([LLMF] + arguments, input=given, capture_output=True, env=env, timeout=30)


def strings(value):
    """Every string in a JSON value, keys too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from strings(item)


def request(s, model):
    """One request with the string in every field that takes text."""
    return {"model": model, "system": s, "messages": [
        {"role": "user", "content": s},
        {"role": "assistant", "content": s, "tool_calls": [{"id": "call_1", "name": "t", "arguments": {"a": s, s or "k": 1}}]},
        {"role": "tool", "tool_call_id": "call_1", "name": "t", "content": s},
        {"role": "user", "content": [{"type": "text", "text": s}]}],
        "tools": [{"name": "t", "description": s, "parameters": {"type": "object", "description": s}}],
        "user": s, "extra": {"x_extra": s}, "max_tokens": 9}


def through_request(s, model):
    done = llmf(["request"], json.dumps(request(s, model)).encode())
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        check(False, "%s %r: no JSON came back: %r" % (model, s, done.stdout[:200]))
        return
    if done.returncode:
        check("error" in answer and answer["error"]["code"] in ("argument", "unsupported", "unknown_model"), "%s %r: %r" % (model, s, answer))
        return
    found = list(strings(answer["body"]))
    if model.startswith("openai"):
        wanted = 7          # system, user, assistant, tool, part, description, schema, user: some hosts of a dialect merge texts
    else:
        wanted = 5
    check(not s or sum(s in text for text in found) >= wanted, "%s %r: kept %d times only" % (model, s, sum(s in t for t in found)))
    check(len(done.stdout.splitlines()) == 1, "%s %r: not one line" % (model, s))


def through_config(s, folder):
    """As a value of a config file, in JSON and in double-quoted YAML; and as a header's value."""
    path = os.path.join(folder, "c.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"models": {"m": {"provider": "openai", "model_id": "x", "prompt_prefix": s}}}, file)
    done = llmf(["--config", path, "request"], b'{"model":"m","prompt":"|"}')
    answer = json.loads(done.stdout)
    if done.returncode:
        check(answer["error"]["code"] == "config" and "c.json:" in answer["error"]["message"], "config %r: %r" % (s, answer))
    else:
        check(answer["body"]["messages"][-1]["content"] == s + "|", "config %r: %r" % (s, answer["body"]))
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"models": {"m": {"provider": "openai", "model_id": "x", "headers": {"X-Naughty": s}}}}, file)
    done = llmf(["--config", path, "request"], b'{"model":"m","prompt":"|"}')
    answer = json.loads(done.stdout)
    if done.returncode:
        check(answer["error"]["code"] == "config", "header %r: %r" % (s, answer))
    else:
        check("\r" not in s and "\n" not in s and "\0" not in s and answer["headers"]["X-Naughty"].strip(" \t") == s.strip(" \t"), "header %r: %r" % (s, answer["headers"]))


def through_model_name(s):
    done = llmf(["request"], json.dumps({"model": "openai:" + s, "prompt": "hi"}).encode())
    answer = json.loads(done.stdout)
    if done.returncode:
        check(answer["error"]["code"] in ("argument", "unknown_model", "unknown_provider"), "model %r: %r" % (s, answer))
    else:
        check(answer["body"]["model"] == s or not s, "model %r: %r" % (s, answer["body"]["model"]))


def main():
    if not os.path.isdir(FOLDER):
        print("0 passed, 0 failed, 1 skipped")
        return 0
    with open(os.path.join(FOLDER, "blns.base64.json"), encoding="ascii") as file:
        naughty = [base64.b64decode(item).decode("utf-8", "surrogateescape") for item in json.load(file)]
    naughty = [s for s in naughty if not any("\ud800" <= c <= "\udfff" for c in s)]
    with tempfile.TemporaryDirectory() as folder:
        for s in naughty:
            for model in MODELS:
                through_request(s, model)
            through_config(s, folder)
            through_model_name(s)
    print("%d strings" % len(naughty))
    print("%d passed, %d failed, 0 skipped" % (passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
