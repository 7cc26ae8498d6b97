#!/usr/bin/env python3
"""Each field of CLI.md's Request in each dialect: what of it stands in the body
that `llmf request` prints, or by which name it is refused. Then the rules of
requests.py: what they make the same, and what they must not.

The last line is `N passed, N failed, N skipped`.
"""
import base64
import json
import os
import subprocess
import sys
import tempfile
import types
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import requests  # noqa: E402

LLMF = os.environ.get("LLMF", "build/llmf")
KEY = "LLMF_TEST_REQUEST_KEY"
MODELS = {"openai": "openai:gpt-4o", "anthropic": "anthropic:claude-sonnet-4-5",
          "ollama": "ollama:llama3.2"}
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(40))
PDF = b"%PDF-1.7 small"
WAV = b"RIFF\x00\x00\x00\x00WAVEfmt "
TEXT = "Grüße\n".encode("utf-8")
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}},
          "required": ["n"], "additionalProperties": False}
TOOL = {"name": "dig", "description": "digs a hole", "parameters": SCHEMA}
ASK = {"role": "user", "content": "how deep?"}
CALL = {"role": "assistant", "content": "one moment",
        "tool_calls": [{"id": "id-7", "name": "dig", "arguments": {"n": 3}}]}
ANSWER = {"role": "tool", "tool_call_id": "id-7", "name": "dig",
          "content": "3 m"}
ABSENT = "(absent)"


def b64(data):
    return base64.b64encode(data).decode("ascii")


class Refused(str):
    """The error's message begins with this name."""


def request(body, *options):
    """(exit status, what was printed) of `llmf request`."""
    environment = {n: v for n, v in os.environ.items()
                   if not n.endswith(("_MODEL", "_BASE_URL"))
                   and not n.startswith("LLM_")}
    environment[KEY] = "none"
    done = subprocess.run(
        [LLMF, "--api-key-env", KEY, "request"] + list(options),
        input=json.dumps(body).encode(), capture_output=True, timeout=60,
        env=environment)
    return done.returncode, json.loads(done.stdout,
                                       object_pairs_hook=requests.members)


def at(value, path):
    """The value at "a.b[0].c"; ABSENT where there is none."""
    for name in path.replace("[", ".[").split("."):
        if not name:
            continue
        try:
            value = value[int(name[1:-1])] if name[0] == "[" else value[name]
        except (KeyError, IndexError, TypeError):
            return ABSENT
    return value


def one(part):
    """A Request with a single part."""
    return {"messages": [{"role": "user", "content": [part]}]}


def image(**members):
    return one(dict({"type": "image"}, **members))


PARTS = "messages[0].content"
URL = "https://example.com/cat.png"
PROMPT = {"prompt": "how deep?"}
TOOLS = dict(PROMPT, tools=[TOOL])
TURNS = {"messages": [ASK, CALL, ANSWER], "tools": [TOOL]}

# (field, Request without its model, {dialect: {path: value} or Refused}).
# A hint (user, cache, detail, strict, is_error) that a dialect has no member
# for is not sent; anything else that it cannot say is refused.
FIELDS = [
    ("model", PROMPT, {
        "openai": {"model": "gpt-4o"},
        "anthropic": {"model": "claude-sonnet-4-5"},
        "ollama": {"model": "llama3.2"}}),
    ("prompt", PROMPT, {
        "openai": {"messages": [ASK]},
        "anthropic": {"messages": [{"role": "user", "content": [
            {"type": "text", "text": "how deep?"}]}]},
        "ollama": {"messages": [ASK]}}),
    ("prompt and messages", {"prompt": "a", "messages": []}, {
        d: Refused("prompt and messages together") for d in MODELS}),
    ("an unknown key", dict(PROMPT, top_q=1), {
        d: Refused("unknown key: top_q") for d in MODELS}),
    ("system", dict(PROMPT, system="be brief"), {
        "openai": {"messages[0]": {"role": "system", "content": "be brief"},
                   "messages[1]": ASK},
        "anthropic": {"system": "be brief", "messages[0].role": "user"},
        "ollama": {"messages[0]": {"role": "system", "content": "be brief"},
                   "messages[1]": ASK}}),
    ("messages", {"messages": [ASK, {"role": "assistant", "content": "3 m"},
                               {"role": "system", "content": "be exact"},
                               {"role": "user", "content": "sure?"}]}, {
        "openai": {"messages[1]": {"role": "assistant", "content": "3 m"},
                   "messages[2]": {"role": "system", "content": "be exact"},
                   "messages[3].content": "sure?"},
        "anthropic": {"messages[1]": {"role": "assistant", "content": [
                          {"type": "text", "text": "3 m"}]},
                      "messages[2].role": "user",
                      "system": [{"type": "text", "text": "be exact"}]},
        "ollama": {"messages[1]": {"role": "assistant", "content": "3 m"},
                   "messages[2]": {"role": "system", "content": "be exact"},
                   "messages[3].content": "sure?"}}),
    ("text part", {"messages": [{"role": "user", "content": [
        {"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}]}, {
        "openai": {PARTS: [{"type": "text", "text": "a"},
                           {"type": "text", "text": "b"}]},
        "anthropic": {PARTS: [{"type": "text", "text": "a"},
                              {"type": "text", "text": "b"}]},
        "ollama": {PARTS: "a\nb"}}),
    ("image path", image(path="@cat.png"), {
        "openai": {PARTS + "[0].image_url.url":
                   "data:image/png;base64," + b64(PNG)},
        "anthropic": {PARTS + "[0]": {"type": "image", "source": {
            "type": "base64", "media_type": "image/png", "data": b64(PNG)}}},
        "ollama": {"messages[0].images": [b64(PNG)]}}),
    ("image url", image(url=URL), {
        "openai": {PARTS + "[0]": {"type": "image_url",
                                   "image_url": {"url": URL}}},
        "anthropic": {PARTS + "[0]": {"type": "image", "source": {
            "type": "url", "url": URL}}},
        "ollama": Refused("messages.parts.url")}),
    ("image data", image(data=b64(PNG)), {
        "openai": {PARTS + "[0].image_url.url":
                   "data:image/png;base64," + b64(PNG)},
        "anthropic": {PARTS + "[0].source.data": b64(PNG),
                      PARTS + "[0].source.media_type": "image/png"},
        "ollama": {"messages[0].images": [b64(PNG)]}}),
    ("image media_type", image(data=b64(b"???"), media_type="image/webp"), {
        "openai": {PARTS + "[0].image_url.url":
                   "data:image/webp;base64," + b64(b"???")},
        "anthropic": {PARTS + "[0].source.media_type": "image/webp"},
        "ollama": {"messages[0].images": [b64(b"???")]}}),
    ("image detail", image(url="data:image/png;base64,QUJD", detail="low"), {
        "openai": {PARTS + "[0].image_url": {
            "url": "data:image/png;base64,QUJD", "detail": "low"}},
        "anthropic": {PARTS + "[0]": {"type": "image", "source": {
            "type": "base64", "media_type": "image/png", "data": "QUJD"}}},
        "ollama": {"messages[0].images": ["QUJD"]}}),
    ("audio path", one({"type": "audio", "path": "@a.wav"}), {
        "openai": {PARTS + "[0]": {"type": "input_audio", "input_audio": {
            "data": b64(WAV), "format": "wav"}}},
        "anthropic": Refused("messages.parts"),
        "ollama": Refused("messages.parts")}),
    ("audio data", one({"type": "audio", "data": "QUJD",
                        "media_type": "audio/mpeg"}), {
        "openai": {PARTS + "[0].input_audio": {"data": "QUJD",
                                               "format": "mp3"}},
        "anthropic": Refused("messages.parts"),
        "ollama": Refused("messages.parts")}),
    ("audio url", one({"type": "audio", "url": "https://example.com/a.wav"}), {
        "openai": Refused("messages.parts.url"),
        "anthropic": Refused("messages.parts"),
        "ollama": Refused("messages.parts")}),
    ("file path", one({"type": "file", "path": "@b.pdf"}), {
        "openai": {PARTS + "[0].file": {
            "filename": "b.pdf",
            "file_data": "data:application/pdf;base64," + b64(PDF)}},
        "anthropic": {PARTS + "[0]": {
            "type": "document", "title": "b.pdf", "source": {
                "type": "base64", "media_type": "application/pdf",
                "data": b64(PDF)}}},
        "ollama": Refused("messages.parts")}),
    ("file name", one({"type": "file", "data": b64(TEXT), "name": "note",
                       "media_type": "text/plain"}), {
        "openai": {PARTS + "[0].file.filename": "note"},
        "anthropic": {PARTS + "[0]": {
            "type": "document", "title": "note", "source": {
                "type": "text", "media_type": "text/plain",
                "data": TEXT.decode("utf-8")}}},
        "ollama": Refused("messages.parts")}),
    ("file url", one({"type": "file", "url": "https://example.com/b.pdf"}), {
        "openai": Refused("messages.parts.url"),
        "anthropic": {PARTS + "[0].source": {
            "type": "url", "url": "https://example.com/b.pdf"}},
        "ollama": Refused("messages.parts")}),
    ("tool_calls", TURNS, {
        "openai": {"messages[1]": {
            "role": "assistant", "content": "one moment", "tool_calls": [
                {"id": "id-7", "type": "function", "function": {
                    "name": "dig", "arguments": "{\"n\": 3}"}}]}},
        "anthropic": {"messages[1].content": [
            {"type": "text", "text": "one moment"},
            {"type": "tool_use", "id": "id-7", "name": "dig",
             "input": {"n": 3}}]},
        "ollama": {"messages[1].tool_calls": [
            {"function": {"name": "dig", "arguments": {"n": 3}}}]}}),
    ("arguments_raw", {"messages": [ASK, {"role": "assistant", "tool_calls": [
        {"id": "i", "name": "dig", "arguments_raw": "{\"n\": "}]}, {
            "role": "tool", "tool_call_id": "i", "content": "?"}]}, {
        "openai": {"messages[1].tool_calls[0].function.arguments": "{\"n\": ",
                   "messages[1].content": None},
        "anthropic": {"messages[1].content[0].input": {
            "arguments_raw": "{\"n\": "}},
        "ollama": {"messages[1].tool_calls[0].function.arguments": {
            "arguments_raw": "{\"n\": "}}}),
    ("tool_call_id", TURNS, {
        "openai": {"messages[2]": {"role": "tool", "tool_call_id": "id-7",
                                   "content": "3 m"}},
        "anthropic": {"messages[2]": {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "id-7",
             "content": "3 m"}]}},
        "ollama": {"messages[2]": {"role": "tool", "content": "3 m",
                                   "tool_name": "dig"}}}),
    ("tool_call_id left out", {"messages": [ASK, CALL, {
        "role": "tool", "content": "3 m"}]}, {
        d: Refused("llmf_request.messages[2].tool_call_id") for d in MODELS}),
    ("name of who speaks", {"messages": [dict(ASK, name="ann")]}, {
        "openai": {"messages[0].name": "ann"},
        "anthropic": Refused("messages.name"),
        "ollama": Refused("messages.name")}),
    ("is_error", {"messages": [ASK, CALL, dict(ANSWER, is_error=True)]}, {
        "openai": {"messages[2].is_error": ABSENT,
                   "messages[2].content": "3 m"},
        "anthropic": {"messages[2].content[0].is_error": True},
        "ollama": {"messages[2].is_error": ABSENT,
                   "messages[2].content": "3 m"}}),
    ("reasoning of a turn", {"messages": [ASK, {
        "role": "assistant", "content": "3 m", "reasoning": "hm"}, ASK]}, {
        "openai": {"messages[1]": {"role": "assistant", "content": "3 m"}},
        "anthropic": {"messages[1].content": [{"type": "text",
                                               "text": "3 m"}]},
        "ollama": {"messages[1].thinking": "hm"}}),
    ("state", {"messages": [ASK, {
        "role": "assistant", "content": "3 m", "state": "anthropic:["
        "{\"type\":\"thinking\",\"thinking\":\"hm\",\"signature\":\"s\"}]"},
        ASK]}, {
        "openai": {"messages[1]": {"role": "assistant", "content": "3 m"}},
        "anthropic": {"messages[1].content[0]": {
            "type": "thinking", "thinking": "hm", "signature": "s"}},
        "ollama": {"messages[1]": {"role": "assistant", "content": "3 m"}}}),
    ("tools", TOOLS, {
        "openai": {"tools": [{"type": "function", "function": TOOL}]},
        "anthropic": {"tools": [{"name": "dig", "description": "digs a hole",
                                 "input_schema": SCHEMA}]},
        "ollama": {"tools": [{"type": "function", "function": TOOL}]}}),
    ("tools without parameters", dict(PROMPT, tools=[{"name": "now"}]), {
        "openai": {"tools[0].function": {"name": "now", "parameters": {
            "type": "object", "properties": {}}}},
        "anthropic": {"tools[0].input_schema.type": "object"},
        "ollama": {"tools[0].function.parameters.type": "object"}}),
    ("strict", dict(PROMPT, tools=[dict(TOOL, strict=True)]), {
        "openai": {"tools[0].function.strict": True},
        "anthropic": {"tools[0].strict": True},
        "ollama": {"tools[0].function": TOOL}}),
    ("tool_choice auto", dict(TOOLS, tool_choice="auto"), {
        "openai": {"tool_choice": ABSENT}, "anthropic": {"tool_choice": ABSENT},
        "ollama": {"tool_choice": ABSENT, "tools[0].type": "function"}}),
    ("tool_choice none", dict(TOOLS, tool_choice="none"), {
        "openai": {"tool_choice": "none"},
        "anthropic": {"tool_choice": {"type": "none"}},
        "ollama": {"tools": ABSENT}}),
    ("tool_choice required", dict(TOOLS, tool_choice="required"), {
        "openai": {"tool_choice": "required"},
        "anthropic": {"tool_choice": {"type": "any"}},
        "ollama": Refused("tool_choice")}),
    ("tool_choice NAME", dict(TOOLS, tool_choice="dig"), {
        "openai": {"tool_choice": {"type": "function",
                                   "function": {"name": "dig"}}},
        "anthropic": {"tool_choice": {"type": "tool", "name": "dig"}},
        "ollama": Refused("tool_choice")}),
    ("tool_choice of no tool", dict(TOOLS, tool_choice="dug"), {
        d: Refused("llmf_request.tool_choice") for d in MODELS}),
    ("parallel_tool_calls false", dict(TOOLS, parallel_tool_calls=False), {
        "openai": {"parallel_tool_calls": False},
        "anthropic": {"tool_choice": {"type": "auto",
                                      "disable_parallel_tool_use": True}},
        "ollama": Refused("parallel_tool_calls")}),
    ("parallel_tool_calls true", dict(TOOLS, parallel_tool_calls=True), {
        "openai": {"parallel_tool_calls": True},
        "anthropic": {"tool_choice": ABSENT},
        "ollama": {"parallel_tool_calls": ABSENT}}),
    ("parallel_tool_calls of no kind", dict(TOOLS, parallel_tool_calls="no"), {
        d: Refused("must be true or false: parallel_tool_calls")
        for d in MODELS}),
    ("format text", dict(PROMPT, format="text"), {
        "openai": {"response_format": ABSENT},
        "anthropic": {"output_config": ABSENT}, "ollama": {"format": ABSENT}}),
    ("format json", dict(PROMPT, format="json"), {
        "openai": {"response_format": {"type": "json_object"}},
        "anthropic": Refused("format"), "ollama": {"format": "json"}}),
    ("format schema", dict(PROMPT, format=dict(SCHEMA, title="Depth")), {
        "openai": {"response_format": {"type": "json_schema", "json_schema": {
            "name": "Depth", "strict": True,
            "schema": dict(SCHEMA, title="Depth")}}},
        "anthropic": {"output_config": {"format": {
            "type": "json_schema", "schema": dict(SCHEMA, title="Depth")}}},
        "ollama": {"format": dict(SCHEMA, title="Depth")}}),
    ("temperature", dict(PROMPT, temperature=0.25), {
        "openai": {"temperature": 0.25}, "anthropic": {"temperature": 0.25},
        "ollama": {"options": {"temperature": 0.25}}}),
    ("temperature 0", dict(PROMPT, temperature=0), {
        "openai": {"temperature": 0}, "anthropic": {"temperature": 0},
        "ollama": {"options": {"temperature": 0}}}),
    ("temperature null", dict(PROMPT, temperature=None), {
        "openai": {"temperature": ABSENT}, "anthropic": {"temperature": ABSENT},
        "ollama": {"options": ABSENT}}),
    ("temperature 1.5", dict(PROMPT, temperature=1.5), {
        "openai": {"temperature": 1.5}, "anthropic": Refused("temperature"),
        "ollama": {"options.temperature": 1.5}}),
    ("top_p", dict(PROMPT, top_p=0.5), {
        "openai": {"top_p": 0.5}, "anthropic": {"top_p": 0.5},
        "ollama": {"options": {"top_p": 0.5}}}),
    ("max_tokens", dict(PROMPT, max_tokens=77), {
        "openai": {"max_tokens": 77}, "anthropic": {"max_tokens": 77},
        "ollama": {"options": {"num_predict": 77}}}),
    ("max_tokens left out", PROMPT, {
        "openai": {"max_tokens": ABSENT}, "anthropic": {"max_tokens": 4096},
        "ollama": {"options": ABSENT}}),
    ("stop", dict(PROMPT, stop=["\n", "END"]), {
        "openai": {"stop": ["\n", "END"]},
        "anthropic": {"stop_sequences": ["\n", "END"]},
        "ollama": {"options": {"stop": ["\n", "END"]}}}),
    ("seed", dict(PROMPT, seed=0), {
        "openai": {"seed": 0}, "anthropic": Refused("seed"),
        "ollama": {"options": {"seed": 0}}}),
    ("reasoning none", dict(PROMPT, reasoning="none"), {
        "openai": {"reasoning_effort": "none"},
        "anthropic": {"thinking": {"type": "disabled"}},
        "ollama": {"think": False}}),
    ("reasoning medium", dict(PROMPT, reasoning="medium", max_tokens=9999), {
        "openai": {"reasoning_effort": "medium"},
        "anthropic": {"thinking": {"type": "enabled", "budget_tokens": 8192}},
        "ollama": {"think": "medium"}}),
    ("reasoning N tokens", dict(PROMPT, reasoning="3000 tokens"), {
        "openai": Refused("reasoning"),
        "anthropic": {"thinking": {"type": "enabled", "budget_tokens": 3000}},
        "ollama": Refused("reasoning")}),
    ("cache", dict(TOOLS, system="long", cache=True), {
        "openai": {"messages[0].content": "long"},
        "anthropic": {"system": [{"type": "text", "text": "long",
                                  "cache_control": {"type": "ephemeral"}}],
                      PARTS + "[0].cache_control": {"type": "ephemeral"},
                      "tools[0].cache_control": ABSENT},
        "ollama": {"messages[0].content": "long"}}),
    ("user", dict(PROMPT, user="u-1"), {
        "openai": {"user": "u-1"}, "anthropic": {"metadata": {"user_id": "u-1"}},
        "ollama": {"user": ABSENT}}),
    ("extra", dict(PROMPT, temperature=0.5, extra={
        "temperature": 0.75, "new_thing": {"a": [1, None]}}), {
        "openai": {"temperature": 0.75, "new_thing": {"a": [1, None]}},
        "anthropic": {"temperature": 0.75, "new_thing": {"a": [1, None]}},
        "ollama": {"temperature": 0.75, "options": {"temperature": 0.5},
                   "new_thing": {"a": [1, None]}}}),
    ("extra.stream", dict(PROMPT, extra={"stream": True}), {
        d: Refused("extra.stream") for d in MODELS}),
]

# The keys of CLI.md's Request that a chat takes, each of which has a row above.
KEYS = ("model", "system", "prompt", "messages", "tools", "tool_choice",
        "parallel_tool_calls", "format", "temperature", "top_p", "max_tokens",
        "stop", "seed", "reasoning", "cache", "user", "extra")

# What a row of models.def changes: (model, Request, expected).
ROWS = [
    ("openai:gpt-5", dict(PROMPT, max_tokens=9, system="s"), {
        "max_completion_tokens": 9, "max_tokens": ABSENT,
        "messages[0].role": "developer"}),
    ("openai:gpt-5", dict(PROMPT, temperature=0.5), Refused("temperature")),
    ("openai:gpt-5", dict(PROMPT, stop=["x"]), Refused("stop")),
    ("openai:o1-mini", dict(PROMPT, system="s"), {
        "messages": [{"role": "user", "content": "s\n\nhow deep?"}]}),
    ("mistral:m", dict(TOOLS, tool_choice="required", seed=4, user="u"), {
        "tool_choice": "any", "random_seed": 4, "seed": ABSENT,
        "user": ABSENT}),
    ("deepseek:d", dict(PROMPT, reasoning="low"), {
        "thinking": {"type": "enabled"}, "reasoning_effort": "low"}),
    ("deepseek:d", dict(PROMPT, reasoning="none"), {
        "thinking": {"type": "disabled"}, "reasoning_effort": ABSENT}),
    ("deepseek:d", TURNS, {"messages[1].reasoning_content": ""}),
    ("deepseek:d", dict(PROMPT, format=SCHEMA), {
        "response_format": {"type": "json_object"}}),
    ("zai:z", dict(PROMPT, reasoning="low"), {
        "thinking": {"type": "enabled"}, "reasoning_effort": ABSENT}),
    ("alibaba:q", dict(PROMPT, reasoning="500 tokens"), {
        "enable_thinking": True, "thinking_budget": 500}),
    ("alibaba:q", dict(TOOLS, parallel_tool_calls=False),
     Refused("parallel_tool_calls")),
    ("openrouter:o", dict(PROMPT, reasoning="500 tokens"), {
        "reasoning": {"max_tokens": 500}}),
    ("openrouter:o", {"messages": [ASK, {
        "role": "assistant", "content": "a", "state": "openai/openrouter:"
        "{\"reasoning_details\":[{\"type\":\"reasoning.text\"}]}"}, ASK]}, {
        "messages[1].reasoning_details": [{"type": "reasoning.text"}]}),
    ("anthropic:claude-sonnet-5", dict(PROMPT, temperature=0.5),
     Refused("temperature")),
    ("anthropic:claude-sonnet-5", dict(PROMPT, reasoning="xhigh"), {
        "thinking": {"type": "adaptive", "display": "summarized"},
        "output_config": {"effort": "xhigh"}}),
    ("anthropic:claude-sonnet-5", dict(PROMPT, reasoning="2000 tokens"),
     Refused("reasoning")),
    ("anthropic:claude-sonnet-4-6", dict(PROMPT, reasoning="2000 tokens"), {
        "thinking": {"type": "enabled", "budget_tokens": 2000}}),
    ("anthropic:claude-3-haiku-20240307", dict(PROMPT, reasoning="low"),
     Refused("reasoning")),
]


class Bodies(unittest.TestCase):
    """A test for each row and dialect is laid in below."""

    def check(self, model, body, expected):
        asked = dict(self.with_files(body), model=model)
        status, printed = request(asked)
        if isinstance(expected, Refused):
            self.assertEqual(status, 1, printed)
            self.assertIn(printed["error"]["code"], ("argument",
                                                     "unsupported"))
            self.assertTrue(printed["error"]["message"].startswith(expected),
                            printed["error"]["message"])
            return
        self.assertEqual(status, 0, printed)
        for path, value in expected.items():
            got = at(printed["body"], path)
            self.assertIsNone(requests.difference(value, got), "%s: %s, not %s"
                              % (path, json.dumps(got), json.dumps(value)))

    def with_files(self, body):
        """@name becomes a file of that kind."""
        content = {"png": PNG, "pdf": PDF, "wav": WAV}
        body = json.loads(json.dumps(body))
        for message in body.get("messages") or []:
            parts = message.get("content")
            for part in parts if isinstance(parts, list) else []:
                if part.get("path", "").startswith("@"):
                    part["path"] = os.path.join(FILES.name, part["path"][1:])
                    with open(part["path"], "wb") as file:
                        file.write(content[part["path"][-3:]])
        return body

    def test_each_key_has_a_row(self):
        rows = {name.split()[0] for name, _, _ in FIELDS}
        self.assertEqual([k for k in KEYS if k not in rows], [])
        for name, _, expected in FIELDS:
            self.assertEqual(set(expected), set(MODELS), name)

    def test_stream(self):
        for dialect, model in MODELS.items():
            status, printed = request(dict(PROMPT, model=model), "--stream")
            self.assertEqual((status, printed["body"]["stream"]), (0, True))
            status, printed = request(dict(PROMPT, model=model))
            self.assertEqual(at(printed["body"], "stream"),
                             False if dialect == "ollama" else ABSENT)

    def test_null_is_not_set(self):
        keys = [k for k in KEYS if k not in ("model", "prompt")]
        for model in MODELS.values():
            plain = request(dict(PROMPT, model=model))
            self.assertEqual(request(dict(
                PROMPT, model=model, **{k: None for k in keys})), plain)


def lay_in():
    for name, body, by_dialect in FIELDS:
        for dialect, expected in by_dialect.items():
            lay_in_one("%s: %s" % (dialect, name), MODELS[dialect], body,
                       expected)
    for i, (model, body, expected) in enumerate(ROWS):
        lay_in_one("row %d: %s" % (i, model), model, body, expected)


def lay_in_one(name, model, body, expected):
    name = "test " + name
    assert not hasattr(Bodies, name), name
    setattr(Bodies, name, lambda self: self.check(model, body, expected))


def wish(dialect="openai", host="openai", model="m"):
    return types.SimpleNamespace(dialect=dialect, host=host,
                                 body={"model": model})


def chat(**members):
    return dict({"model": "m", "messages": [dict(ASK)]}, **members)


def said(**members):
    return {"model": "m", "messages": [dict({"role": "assistant"},
                                            **members)]}


def called(arguments, **members):
    return {"tool_calls": [dict({"id": "i", "function": {
        "name": "f", "arguments": arguments}}, **members)]}


CLAUDE = dict(dialect="anthropic", host="anthropic")
LLAMA = dict(dialect="ollama", host="ollama")
BLOCK = {"type": "text", "text": "a"}

# (wish, one body, another that means the same, one that does not)
RULES = [
    ({}, chat(), chat(stream=False, stop=None), chat(stream=True)),
    (LLAMA, chat(), chat(stream=True), chat(stream=False)),
    ({}, chat(stream_options={"include_usage": True}), chat(),
     chat(stream_options={"include_usage": False})),
    ({}, chat(tool_choice="auto"), chat(), chat(tool_choice="none")),
    (CLAUDE, {"messages": [], "tool_choice": {
        "type": "auto", "disable_parallel_tool_use": False}}, {"messages": []},
     {"messages": [], "tool_choice": {"type": "auto",
                                      "disable_parallel_tool_use": True}}),
    ({}, chat(parallel_tool_calls=True, tools=[]), chat(),
     chat(parallel_tool_calls=False)),
    ({}, chat(tools=[{"function": {"name": "f", "strict": False,
                                   "description": ""}}]),
     chat(tools=[{"type": "function", "function": {"name": "f"}}]),
     chat(tools=[{"type": "function", "function": {"name": "f",
                                                   "strict": True}}])),
    ({}, said(content="", **called("{ }")), said(content=None, **called("")),
     said(content="", **called("{\"a\":1}"))),
    ({}, said(**called("{\"a\":1}", type="function")),
     said(content=[], **called("{\"a\" : 1}")), said(**called("{\"a\":true}"))),
    ({}, said(content=[BLOCK]), said(content="a"), said(content="a ")),
    ({}, said(content="a"), said(content="a", reasoning_content=""),
     said(content="a", reasoning_content="b")),
    (CLAUDE, {"system": "a", "messages": []},
     {"system": [BLOCK], "messages": []}, {"messages": []}),
    (CLAUDE, {"messages": [ASK, ASK]}, {"messages": [{
        "role": "user", "content": [{"type": "text", "text": "how deep?"}] * 2
    }]}, {"messages": [ASK]}),
    (CLAUDE, {"messages": [{"role": "user", "content": [
        {"type": "tool_result", "is_error": False, "content": [BLOCK]}]}]},
     {"messages": [{"role": "user", "content": [
         {"type": "tool_result", "content": "a"}]}]},
     {"messages": [{"role": "user", "content": [
         {"type": "tool_result", "is_error": True, "content": "a"}]}]}),
    (CLAUDE, {"messages": [], "system": [dict(BLOCK, cache_control={
        "type": "ephemeral", "ttl": "5m"})]}, {"messages": [], "system": [dict(
            BLOCK, cache_control={"type": "ephemeral"})]},
     {"messages": [], "system": [BLOCK]}),
    (CLAUDE, {"messages": [], "output_format": {"type": "x"}},
     {"messages": [], "output_config": {"format": {"type": "x"}}},
     {"messages": [], "output_config": {"format": {"type": "y"}}}),
    ({}, said(content=[{"type": "image_url", "image_url": "u"}]),
     said(content=[{"type": "image_url", "image_url": {"url": "u"}}]),
     said(content=[{"type": "image_url", "image_url": {
         "url": "u", "detail": "low"}}])),
    ({}, chat(response_format={"json_schema": {"name": "a", "schema": {}}}),
     chat(response_format={"json_schema": {"name": "b", "schema": {}}}),
     chat(response_format={"json_schema": {"name": "a", "schema": {"a": 1}}})),
    ({}, chat(tool_choice="any"), chat(tool_choice="required"), chat()),
    ({}, chat(stop="a"), chat(stop=["a"]), chat(stop=["a", "b"])),
    (LLAMA, {"messages": [{"role": "tool", "tool_name": "f", "content": "a"}]},
     {"messages": [{"role": "tool", "content": "a"}]},
     {"messages": [{"role": "tool", "content": "b"}]}),
    ({}, {"messages": [{"role": "developer", "content": "a"}]},
     {"messages": [{"role": "system", "content": "a"}]},
     {"messages": [{"role": "user", "content": "a"}]}),
    (dict(model="o1-mini"), {"messages": [
        {"role": "system", "content": "a"}, ASK]}, {"messages": [
            {"role": "user", "content": "a\n\nhow deep?"}]},
     {"messages": [ASK]}),
    ({}, chat(max_tokens=5), chat(max_completion_tokens=5),
     chat(max_tokens=6)),
    (dict(model="gpt-5"), chat(temperature=1.0), chat(),
     chat(temperature=0.9)),
    ({}, chat(temperature=1.0), chat(temperature=1), chat()),
]


class Rules(unittest.TestCase):
    def plain(self, body, about):
        return requests.plain(json.loads(json.dumps(body)), wish(**about))

    def test_each(self):
        for about, one_body, same, other in RULES:
            left = self.plain(one_body, about)
            self.assertIsNone(requests.difference(left, self.plain(same,
                                                                   about)))
            self.assertIsNotNone(requests.difference(left, self.plain(other,
                                                                      about)))

    def test_each_rule_is_needed(self):
        """No rule without a case above that fails when it is left out."""
        all_rules = requests.RULES
        try:
            for rule in all_rules:
                requests.RULES = [r for r in all_rules if r is not rule]
                self.assertTrue(any(requests.difference(
                    self.plain(a, about), self.plain(b, about))
                    for about, a, b, _ in RULES), rule.__name__)
        finally:
            requests.RULES = all_rules

    def test_difference(self):
        for a, b, path in ((1, True, ""), ({"a": 1}, {}, ".a"),
                           ({}, {"a": None}, ".a"), ([1], [1, 2], ""),
                           ({"a": [{"b": "x"}]}, {"a": [{"b": "y"}]},
                            ".a[0].b"), ("1", 1, ""), (0, 0.5, "")):
            self.assertEqual(requests.difference(a, b)[0], path)
        self.assertIsNone(requests.difference({"a": [1, {"b": 2.0}]},
                                              {"a": [1.0, {"b": 2}]}))

    def test_a_word_that_only_some_take(self):
        self.assertIsNotNone(requests.wrong_word(chat(max_tokens=1),
                                                 wish(model="gpt-5-mini")))
        self.assertIsNotNone(requests.wrong_word(chat(tool_choice="any"),
                                                 wish()))
        self.assertIsNotNone(requests.wrong_word({"messages": [
            {"role": "developer"}]}, wish(host="groq")))
        self.assertIsNone(requests.wrong_word(chat(max_tokens=1), wish()))

    def test_a_member_twice(self):
        with self.assertRaises(ValueError):
            json.loads("{\"a\":{\"b\":1,\"b\":1}}",
                       object_pairs_hook=requests.members)

    def test_strict_schemas(self):
        theirs = chat(response_format={"json_schema": {"schema": {
            "properties": {"a": {"properties": {}}}}}})
        ours = chat(response_format={"json_schema": {"strict": True, "schema": {
            "additionalProperties": False, "properties": {"a": {
                "additionalProperties": False, "properties": {}}}}}})
        requests.pair_schema(theirs, ours, wish())
        self.assertIsNone(requests.difference(theirs, ours))
        theirs = chat(response_format={"json_schema": {"strict": True}})
        ours = chat(response_format={"json_schema": {"strict": False}})
        requests.pair_schema(theirs, ours, wish())
        self.assertIsNotNone(requests.difference(theirs, ours))


FILES = tempfile.TemporaryDirectory()
lay_in()


def main():
    suite = unittest.defaultTestLoader.loadTestsFromModule(
        sys.modules["__main__"])
    result = unittest.TextTestRunner(verbosity=0).run(suite)
    failed = len(result.failures) + len(result.errors)
    skipped = len(result.skipped)
    FILES.cleanup()
    print("%d passed, %d failed, %d skipped" % (
        result.testsRun - failed - skipped, failed, skipped))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
