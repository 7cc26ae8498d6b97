#!/usr/bin/env python3
"""Says recorded requests in our Request form and compares what goes out.

    requests.py [--llmf build/llmf] [--shared DIR] [--dialects a,b] [-v]
                [--show TEXT] [FILE…]

Each recorded body that one of our dialects or operations could send is read
back into the Request of CLI.md, given to `llmf request`, and the body that comes
out is compared with the recorded one as JSON, once both are in their plain form
(RULES below, and wishes.py). What the Request form cannot say is taken out of the recorded body,
listed by its reason, and the rest of that body is compared all the same.
-v: each difference, and how often each rule was needed. --show: the Request,
the recorded and our body of the files whose name holds TEXT. The last line is
`N passed, N failed, N skipped`; skipped is 1 only where there is no traffic.
"""
import argparse
import base64
import collections
import concurrent.futures
import copy
import glob
import json
import os
import subprocess
import sys
import urllib.parse

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import wishes  # noqa: E402
from wish import (  # noqa: E402
    ELIDED, Wish, difference, drop, from_url, plain_fields, same,
    split_data_url, without_nulls)

# What rows do with the reasoning of earlier turns (WIRE 9), by row name.
BACK_CONTENT = {"deepseek", "zai", "moonshot"}
BACK_DETAILS = {"openrouter", "vercel"}
# How rows switch reasoning (WIRE 9): the others take reasoning_effort.
REASONING_OBJECT = {"openrouter", "vercel"}
THINKING_OBJECT = {"deepseek", "zai", "moonshot"}
THINKING_EFFORT = {"deepseek"}           # and the level beside it
ENABLE_THINKING = {"alibaba"}
WORDS = {"none", "minimal", "low", "medium", "high", "xhigh", "max"}
KEY = "LLMF_TEST_REQUEST_KEY"
WIDTH = 160                              # characters of a value that are shown


# ---------------------------------------------------------- Chat Completions

def openai_part(wish, part):
    """Our part for a recorded one, or None where there is no such part."""
    without_nulls(part)
    kind = part.get("type")
    for name in ("cache_control", "prompt_cache_breakpoint"):
        if part.pop(name, None):
            wish.refuse("%s at one part" % name)
    if kind == "text" and set(part) == {"type", "text"}:
        return {"type": "text", "text": part["text"]}
    if kind == "image_url":
        image = part["image_url"]
        image = {"url": image} if isinstance(image, str) else image
        ours = from_url({"type": "image"}, image["url"])
        if image.get("detail"):
            ours["detail"] = image["detail"]
        return ours
    if kind == "input_audio":
        audio = part["input_audio"]
        media = {"mp3": "audio/mpeg"}.get(audio["format"],
                                          "audio/" + audio["format"])
        if ELIDED in audio["data"]:
            return {"type": "audio",
                    "url": "data:%s;base64,%s" % (media, audio["data"])}
        return {"type": "audio", "media_type": media, "data": audio["data"]}
    if kind == "file" and split_data_url(part["file"].get("file_data") or ""):
        ours = from_url({"type": "file"}, part["file"]["file_data"])
        if part["file"].get("filename"):
            ours["name"] = part["file"]["filename"]
        return ours
    wish.refuse("a part of type %s" % kind)
    return None


def openai_content(wish, message, ours):
    content = message.get("content")
    if isinstance(content, str):
        ours["content"] = content
    elif isinstance(content, list):
        kept, parts = [], []
        for part in content:
            said = openai_part(wish, part)
            if said and message["role"] != "user" and said["type"] != "text":
                wish.refuse("%s in a %s message" % (said["type"],
                                                    message["role"]))
                said = None
            if said:
                kept.append(part)
                parts.append(said)
        message["content"] = kept
        if parts:
            ours["content"] = parts
        elif message["role"] != "assistant":
            ours["content"] = ""


def openai_reasoning_back(wish, message, ours):
    """Reasoning of an earlier turn: a text, or the state of that turn."""
    told = [n for n in ("reasoning", "reasoning_content", "reasoning_details")
            if n in message]
    if not told:
        return
    if wish.row in BACK_DETAILS and "reasoning_details" in message:
        state = {n: message[n] for n in told if n != "reasoning_content"}
        ours["state"] = "openai/%s:%s" % (wish.row, json.dumps(state))
        ours["reasoning"] = "the state goes before this"
    elif wish.row in BACK_CONTENT and "reasoning_content" in message:
        ours["reasoning"] = message["reasoning_content"]
        if message.pop("reasoning", None):
            wish.refuse("reasoning of an earlier turn in a second member")
    else:
        ours["reasoning"] = message[told[-1]] \
            if isinstance(message[told[-1]], str) else ""
        for name in told:
            del message[name]
        wish.refuse("reasoning of an earlier turn, to a host whose row does "
                    "not send it back")


def openai_calls(wish, message, ours):
    calls = []
    for call in message["tool_calls"]:
        without_nulls(call)
        call.pop("index", None)          # an echo of the stream it came in
        for name in sorted(set(call) - {"id", "type", "function"}):
            wish.refuse("%s in a tool call" % name)
            del call[name]
        said = {"id": call.get("id", ""), "name": call["function"]["name"]}
        text = call["function"].get("arguments") or "{}"
        try:
            said["arguments"] = json.loads(text)
        except ValueError:
            said["arguments_raw"] = text
        calls.append(said)
    ours["tool_calls"] = calls


MESSAGE_MEMBERS = {"role", "content", "name", "tool_calls", "tool_call_id",
                   "reasoning", "reasoning_content", "reasoning_details"}


def openai_message(wish, message):
    without_nulls(message)
    if message.pop("prefix", None):
        wish.refuse("prefix in a message")
    if not message.get("annotations"):
        message.pop("annotations", None)
    for name in sorted(set(message) - MESSAGE_MEMBERS):
        wish.refuse("%s in a message" % name)
        del message[name]
    role = message["role"]
    ours = {"role": "system" if role == "developer" else role}
    openai_content(wish, message, ours)
    openai_reasoning_back(wish, message, ours)
    if message.get("tool_calls"):
        openai_calls(wish, message, ours)
    for name in ("tool_call_id", "name"):
        if message.get(name):
            ours[name] = message[name]
    return ours


def openai_tools(wish):
    tools = wish.take("tools") or []
    if tools and not any("function" in t for t in tools):
        wish.extra["tools"] = tools           # whole, so `extra` can say it
        return
    kept = []
    for tool in tools:
        if "function" not in tool:
            wish.refuse("a tool of the provider's own beside functions")
            continue
        for name in sorted(set(tool) - {"type", "function"}):
            wish.refuse("%s in a tool" % name)
            del tool[name]
        function = tool["function"]
        without_nulls(function)
        for name in sorted(set(function) - {"name", "description", "strict",
                                            "parameters"}):
            wish.refuse("%s in a function" % name)
            del function[name]
        kept.append(tool)
        wish.request.setdefault("tools", []).append(dict(function))
    if tools:
        wish.body["tools"] = kept


def openai_tool_choice(wish):
    choice = wish.take("tool_choice")
    if choice is None or "tools" not in wish.request:
        if choice not in (None, "auto"):
            wish.extra["tool_choice"] = choice
    elif isinstance(choice, str):
        wish.request["tool_choice"] = {"any": "required"}.get(choice, choice)
    else:
        wish.request["tool_choice"] = choice["function"]["name"]


def openai_reasoning(wish):
    """The one form that the row speaks; any other goes through `extra`."""
    body, said = wish.body, None
    if wish.row in REASONING_OBJECT:
        value = body.get("reasoning")
        if isinstance(value, dict) and set(value) == {"effort"}:
            said = value["effort"]
        elif isinstance(value, dict) and set(value) == {"max_tokens"}:
            said = "%d tokens" % value["max_tokens"]
        if said:
            wish.take("reasoning")
    elif wish.row in THINKING_OBJECT:
        value = body.get("thinking")
        if value == {"type": "disabled"}:
            said = "none"
        elif value == {"type": "enabled"} and \
                ("reasoning_effort" in body) == (wish.row in THINKING_EFFORT):
            said = body.get("reasoning_effort", "medium")
            wish.take("reasoning_effort")
        if said:
            wish.take("thinking")
    elif wish.row in ENABLE_THINKING:
        if "enable_thinking" in body:
            said = "medium" if wish.take("enable_thinking") else "none"
            if body.get("thinking_budget"):
                said = "%d tokens" % wish.take("thinking_budget")
    elif body.get("reasoning_effort") in WORDS:
        said = wish.take("reasoning_effort")
    if said:
        wish.request["reasoning"] = said


def openai_format(wish):
    value = wish.take("response_format")
    if not value:
        return
    if value["type"] == "json_object":
        wish.request["format"] = "json"
    elif value["type"] == "json_schema":
        wish.request["format"] = value["json_schema"]["schema"]
    elif value["type"] != "text":
        wish.extra["response_format"] = value


def openai_wish(wish):
    body = wish.body
    wish.left = set(body)
    messages = [openai_message(wish, m) for m in body["messages"]]
    first = messages[0] if messages else {}
    if set(first) == {"role", "content"} and first["role"] == "system" \
            and isinstance(first["content"], str) and len(messages) > 1:
        wish.request["system"] = first["content"]
        messages = messages[1:]
    if len(messages) == 1 and set(messages[0]) == {"role", "content"} \
            and messages[0]["role"] == "user" \
            and isinstance(messages[0]["content"], str):
        wish.request["prompt"] = messages[0]["content"]
    else:
        wish.request["messages"] = messages
    openai_tools(wish)
    openai_tool_choice(wish)
    openai_reasoning(wish)
    openai_format(wish)
    plain_fields(wish, [("temperature", "temperature"), ("top_p", "top_p"),
                        ("max_completion_tokens", "max_tokens"),
                        ("max_tokens", "max_tokens"), ("stop", "stop"),
                        ("seed", "seed"), ("user", "user")])
    if wish.row == "mistral":
        plain_fields(wish, [("random_seed", "seed")])
    if "tools" in wish.request:
        plain_fields(wish, [("parallel_tool_calls", "parallel_tool_calls")])
    if wish.body.get("stream_options") == {"include_usage": True}:
        wish.take("stream_options")
    return wish.finish()


# ------------------------------------------------------------------ Messages

def claude_marks(body):
    """Places of cache_control, in the order in which the prompt is read."""
    marks = []
    for name in ("tools", "system"):
        items = body.get(name)
        items = items if isinstance(items, list) else []
        marks += [(name, i, len(items)) for i, item in enumerate(items)
                  if item.get("cache_control")]
    for i, message in enumerate(body["messages"]):
        content = message["content"]
        content = content if isinstance(content, list) else []
        marks += [("messages", i, len(body["messages"]), k, len(content))
                  for k, block in enumerate(content)
                  if block.get("cache_control")]
    return marks


def claude_our_marks(body):
    """Where `cache` puts them: behind what is the same each time, and last."""
    last = body["messages"][-1]["content"]
    blocks = len(last) if isinstance(last, list) else 1
    messages = len(body["messages"])
    marks = [("messages", messages - 1, messages, blocks - 1, blocks)]
    for name in ("system", "tools"):
        if body.get(name):
            count = len(body[name]) if isinstance(body[name], list) else 1
            return [(name, count - 1, count)] + marks
    return marks


def claude_cache(wish):
    """`cache: true`, if it puts the marks where they are; else they go."""
    body = wish.body
    marks = claude_marks(body)
    if not marks:
        return
    ttl = any(c.get("ttl", "5m") != "5m" for c in strip_marks(
        copy.deepcopy(body)))
    if marks == claude_our_marks(body) and not ttl:
        wish.request["cache"] = True
        return
    strip_marks(body)
    wish.refuse("cache_control for an hour" if ttl else
                "cache_control at other places than `cache` marks")


def strip_marks(body):
    """Takes all marks out; gives them."""
    found = []
    for name in ("tools", "system"):
        for item in body.get(name) if isinstance(body.get(name), list) else []:
            found.append(item.pop("cache_control", None))
    for message in body["messages"]:
        if isinstance(message["content"], list):
            for block in message["content"]:
                found.append(block.pop("cache_control", None))
    return [c for c in found if c]


def claude_source(wish, block):
    """Our part of an image or document; None where there is none."""
    source = block["source"]
    extra = set(block) - {"type", "source", "title", "cache_control"}
    for name in sorted(extra):
        wish.refuse("%s in a %s" % (name, block["type"]))
        del block[name]
    ours = {"type": "image" if block["type"] == "image" else "file"}
    if block.get("title"):
        ours["name"] = block["title"]
    if source["type"] == "url":
        ours["url"] = source["url"]
    elif source["type"] == "base64" and ELIDED in source["data"]:
        ours["url"] = "data:%s;base64,%s" % (source["media_type"],
                                             source["data"])
    elif source["type"] == "base64":
        ours["data"], ours["media_type"] = source["data"], source["media_type"]
    elif source["type"] == "text":
        ours["data"] = base64.b64encode(
            source["data"].encode("utf-8")).decode("ascii")
        ours["media_type"] = source["media_type"]
    else:
        wish.refuse("a %s by %s" % (block["type"], source["type"]))
        return None
    return ours


def claude_result(wish, block):
    """A tool message, with its text as content or as parts."""
    for name in sorted(set(block) - {"type", "tool_use_id", "content",
                                     "is_error", "cache_control"}):
        wish.refuse("%s in a tool result" % name)
        del block[name]
    ours = {"role": "tool", "tool_call_id": block["tool_use_id"]}
    if block.get("is_error"):
        ours["is_error"] = True
    content = block.get("content")
    if isinstance(content, str):
        ours["content"] = content
    elif content:
        kept, parts = [], []
        for item in content:
            part = None
            if item["type"] == "text":
                part = {"type": "text", "text": item["text"]}
            elif item["type"] in ("image", "document") and "source" in item:
                part = claude_source(wish, item)
            else:
                wish.refuse("%s in a tool result" % item["type"])
            if part:
                kept.append(item)
                parts.append(part)
        block["content"] = kept
        if parts:
            ours["content"] = parts
    return ours


THINKING = ("thinking", "redacted_thinking")


def claude_block(wish, block):
    """("kind", our piece) of a block, or None: it cannot be said."""
    without_nulls(block)
    kind = block["type"]
    if kind == "text":
        for name in sorted(set(block) - {"type", "text", "cache_control"}):
            wish.refuse("%s in a text block" % name)
            del block[name]
        return "part", {"type": "text", "text": block["text"]}
    if kind in ("image", "document"):
        part = claude_source(wish, block)
        return ("part", part) if part else None
    if kind == "tool_use":
        for name in sorted(set(block) - {"type", "id", "name", "input",
                                         "cache_control"}):
            wish.refuse("%s in a tool_use block" % name)
            del block[name]
        return "call", {"id": block["id"], "name": block["name"],
                        "arguments": block["input"]}
    if kind == "tool_result":
        return "result", claude_result(wish, block)
    if kind in THINKING:
        return "state", block
    wish.refuse("a block of type %s" % kind)
    return None


# The order in which one of our messages writes what it has.
ORDER = {"state": 0, "part": 1, "call": 2, "result": 3}


def claude_message(wish, message):
    """Our messages for one recorded message: neighbours go out as one."""
    out, pieces = [], []
    content = message["content"]
    blocks = [{"type": "text", "text": content}] \
        if isinstance(content, str) else content
    kept = []
    for block in blocks:
        piece = claude_block(wish, block)
        if piece:
            kept.append(block)
            pieces.append(piece)
    message["content"] = kept
    at = None
    for kind, piece in pieces:
        if kind == "result":
            out.append(piece)
            at = None
            continue
        if at is None or ORDER[kind] < ORDER[at]:
            out.append({"role": message["role"]})
        at = kind
        if kind == "part":
            out[-1].setdefault("content", []).append(piece)
        elif kind == "call":
            out[-1].setdefault("tool_calls", []).append(piece)
        else:
            out[-1].setdefault("state", []).append(piece)
    for ours in out:
        if "state" in ours:
            ours["state"] = "anthropic:" + json.dumps(ours["state"])
        parts = ours.get("content")
        if isinstance(parts, list) and len(parts) == 1 and \
                parts[0]["type"] == "text" and ours["role"] != "tool":
            ours["content"] = parts[0]["text"]
    return out


def claude_system(wish, messages):
    system = wish.take("system")
    if isinstance(system, list):
        for block in system:
            without_nulls(block)
        if len(system) == 1:
            wish.request["system"] = system[0]["text"]
        elif system:
            messages[:0] = [{"role": "system", "content": b["text"]}
                            for b in system]
    elif system:
        wish.request["system"] = system


def claude_tools(wish):
    tools = wish.take("tools") or []
    if any("input_schema" not in t or t.get("defer_loading") for t in tools):
        strip_marks({"tools": tools, "messages": []})
        wish.extra["tools"] = copy.deepcopy(tools)  # all of them as they are
        return
    kept = []
    for tool in tools:
        without_nulls(tool)
        kept.append(tool)
        ours = {"name": tool["name"], "parameters": tool["input_schema"]}
        for name in ("description", "strict"):
            if name in tool:
                ours[name] = tool[name]
        wish.request.setdefault("tools", []).append(ours)
    if tools:
        wish.body["tools"] = kept


def claude_tool_choice(wish):
    choice = wish.take("tool_choice")
    if not choice:
        return
    if "tools" not in wish.request:
        wish.extra["tool_choice"] = choice
        return
    if choice.get("disable_parallel_tool_use"):
        wish.request["parallel_tool_calls"] = False
    wish.request["tool_choice"] = {"any": "required",
                                   "tool": choice.get("name")}.get(
        choice["type"], choice["type"])


def claude_reasoning(wish):
    body = wish.body
    thinking, config = body.get("thinking"), body.get("output_config") or {}
    said = None
    if thinking == {"type": "disabled"}:
        said = "none"
    elif thinking and set(thinking) == {"type", "budget_tokens"}:
        said = "%d tokens" % thinking["budget_tokens"]
    elif thinking == {"type": "adaptive", "display": "summarized"} and \
            config.get("effort"):
        said = config["effort"]
    if said:
        wish.take("thinking")
        wish.request["reasoning"] = said
    if config and set(config) <= ({"effort", "format"} if said in WORDS
                                  else {"format"}):
        wish.take("output_config")
        if "format" in config:
            wish.request["format"] = config["format"]["schema"]
    if "output_format" in body:
        wish.request["format"] = wish.take("output_format")["schema"]


def anthropic_wish(wish):
    body = wish.body
    wish.left = set(body)
    kept, messages = [], []
    for message in body["messages"]:
        if message["role"] == "system":
            wish.refuse("a system message between the others")
        else:
            kept.append(message)
    body["messages"] = kept
    claude_tools(wish)
    claude_cache(wish)
    for message in kept:
        messages += claude_message(wish, message)
    claude_system(wish, messages)
    wish.request["messages"] = messages
    claude_tool_choice(wish)
    claude_reasoning(wish)
    if set(body.get("metadata") or {}) == {"user_id"}:
        wish.request["user"] = wish.take("metadata")["user_id"]
    plain_fields(wish, [("temperature", "temperature"), ("top_p", "top_p"),
                        ("max_tokens", "max_tokens"),
                        ("stop_sequences", "stop")])
    return wish.finish()


# -------------------------------------------------------------------- Ollama

OPTIONS = {"temperature": "temperature", "top_p": "top_p", "seed": "seed",
           "num_predict": "max_tokens", "stop": "stop"}


def ollama_message(wish, message, earlier):
    without_nulls(message)
    ours = {"role": message["role"], "content": message.get("content", "")}
    images = message.get("images") or []
    if images:
        ours["content"] = [{"type": "text", "text": ours["content"]}] + [
            {"type": "image", "data": i, "media_type": "image/png"}
            for i in images]
    if message.get("thinking"):
        ours["reasoning"] = message["thinking"]
    calls = message.get("tool_calls") or []
    if calls:
        ours["tool_calls"] = [
            {"id": "call_%d_%d" % (len(earlier), i),
             "name": c["function"]["name"],
             "arguments": c["function"]["arguments"]}
            for i, c in enumerate(calls)]
    if message["role"] == "tool":               # whose, only the place says
        ids = [c["id"] for m in earlier for c in m.get("tool_calls", [])]
        used = sum(1 for m in earlier if m["role"] == "tool")
        ours["tool_call_id"] = ids[used] if used < len(ids) else "call"
        if message.get("tool_name"):
            ours["name"] = message["tool_name"]
    return ours


def ollama_wish(wish):
    body = wish.body
    wish.stream = body.get("stream", True)      # left out it means true
    wish.left = set(body)
    messages = []
    for message in body["messages"]:
        messages.append(ollama_message(wish, message, messages))
    wish.request["messages"] = messages
    openai_tools(wish)
    options = wish.take("options") or {}
    for name, value in options.items():
        if name in OPTIONS and value is not None:
            wish.request[OPTIONS[name]] = value
        else:
            wish.extra.setdefault("options", {})[name] = value
    form = wish.take("format")
    if form:
        wish.request["format"] = form
    think = body.get("think")
    if think is False or isinstance(think, str):
        wish.take("think")
        wish.request["reasoning"] = think or "none"
    return wish.finish()


# What a recorded operation is to us: its dialect, how it is said, how two
# bodies are made alike, and where the operation's path begins in its URL.
def table():
    """{(operation, host or None): (dialect, wish, plain, path)}"""
    rows = {(n, None): row for n, row in wishes.OPERATIONS.items()}
    rows.update({
        ("chat_completions", None): ("openai", openai_wish, plain_ruled,
                                     "/chat/completions"),
        ("messages", None): ("anthropic", anthropic_wish, plain_ruled,
                             "/v1/messages"),
        ("api_chat", None): ("ollama", ollama_wish, plain_ruled, "/api/chat"),
        ("responses_input_tokens", None): (
            "count", wishes.count_wish(wishes.responses_wish),
            wishes.responses_plain, "/responses/input_tokens"),
        ("count_tokens", "anthropic"): (
            "count", wishes.count_wish(anthropic_wish), plain_claude,
            "/v1/messages/count_tokens"),
    })
    for host in ("gemini", "vertex"):
        rows["count_tokens", host] = ("count", wishes.gemini_count_wish,
                                      wishes.gemini_count_plain, "/models/")
    return rows


# Operations that no dialect of ours asks for: their replies are read, or they
# are out of scope (RULES.md 34, 36).
NOT_ASKED = {
    "raw_predict": "Claude on Vertex AI: its replies are read, no row asks it",
    "invoke": "InvokeModel: Converse is asked instead",
    "invoke_stream": "InvokeModel: Converse is asked instead",
    "chat_v1": "Cohere's first version, Writer's own form",
    "api_embeddings": "Ollama's older /api/embeddings: /api/embed is asked",
    ("count_tokens", "bedrock"): "CountTokens: operations.py compares it",
    ("embeddings", "perplexity"): "Perplexity's embeddings: bytes, not floats",
}


# ----------------------------------------------------------------- the rules
# Each rule brings a body into its plain form: two bodies that differ by no more
# than a rule mean the same to the host. A rule gives True where it changed it.

def functions(body):
    return [t.get("function", t) for t in body.get("tools") or []
            if isinstance(t, dict)]


def messages_of(body):
    return [m for m in body.get("messages") or [] if isinstance(m, dict)]


def rule_null(body, wish):
    """A member that is null is one that is absent."""
    holders = [body] + messages_of(body) + functions(body)
    changed = False
    for holder in holders:
        before = len(holder)
        without_nulls(holder)
        changed |= len(holder) != before
    return changed


def rule_stream(body, wish):
    """stream: false is the default; with Ollama true is."""
    return drop(body, "stream", wish.dialect == "ollama")


def rule_stream_options(body, wish):
    """stream_options {include_usage: true} is ours, for counting the cost."""
    return drop(body, "stream_options", {"include_usage": True})


def rule_auto(body, wish):
    """tool_choice auto is the default."""
    return drop(body, "tool_choice", "auto", {"type": "auto"})


def rule_parallel(body, wish):
    """parallel tool calls are the default."""
    choice = body.get("tool_choice")
    changed = drop(body, "parallel_tool_calls", True)
    if isinstance(choice, dict):
        changed |= drop(choice, "disable_parallel_tool_use", False)
    return changed


def rule_tools_empty(body, wish):
    """An empty list of tools, of options or of a system's blocks is none."""
    return drop(body, "tools", []) | drop(body, "options", {}) | \
        drop(body, "format", "") | drop(body, "system", [])


def rule_strict(body, wish):
    """A tool is not strict by default, and has no description."""
    changed = False
    for function in functions(body):
        changed |= drop(function, "strict", False)
        changed |= drop(function, "description", "")
    return changed


def rule_tool_type(body, wish):
    """type function is the default of a tool and of a call."""
    changed = False
    for tool in body.get("tools") or []:
        if "function" in tool:
            changed |= drop(tool, "type", "function")
    for message in messages_of(body):
        for call in message.get("tool_calls") or []:
            changed |= drop(call, "type", "function")
    return changed


def rule_arguments(body, wish):
    """Arguments are JSON in a string: its white space and order mean nothing,
    and an empty one is {}."""
    changed = False
    for message in messages_of(body):
        for call in message.get("tool_calls") or []:
            text = call["function"].get("arguments")
            if isinstance(text, str):
                try:
                    call["function"]["arguments"] = json.loads(text or "{}")
                    changed = True
                except ValueError:
                    pass
    return changed


def rule_content(body, wish):
    """A text is a list of one text; no content is "" or [], and beside calls
    null or absent as well; and so is no reasoning."""
    changed = False
    for message in messages_of(body):
        content = message.get("content")
        if wish.dialect == "anthropic":
            if isinstance(content, str):
                message["content"] = [{"type": "text", "text": content}]
                changed = True
            continue
        if isinstance(content, list) and len(content) == 1 and \
                set(content[0]) == {"type", "text"}:
            message["content"] = content[0]["text"]
            changed = True
        if message.get("tool_calls"):
            changed |= drop(message, "content", None, "", [])
        if message.get("content") == []:
            message["content"] = ""
            changed = True
        changed |= drop(message, "reasoning_content", "")
    return changed


def rule_system(body, wish):
    """Claude's system text is a list of one block."""
    system = body.get("system")
    if wish.dialect == "anthropic" and isinstance(system, str):
        body["system"] = [{"type": "text", "text": system}]
        return True
    return False


def rule_neighbours(body, wish):
    """Neighbours of one role are one message to Claude."""
    if wish.dialect != "anthropic":
        return False
    joined = []
    for message in body["messages"]:
        if joined and joined[-1]["role"] == message["role"]:
            joined[-1]["content"] += message["content"]
        elif message["content"]:
            joined.append(message)
    changed = len(joined) != len(body["messages"])
    body["messages"] = joined
    return changed


def rule_results(body, wish):
    """A tool result is no error by default, and a text or a list of one."""
    changed = False
    for message in messages_of(body) if wish.dialect == "anthropic" else []:
        for block in message["content"]:
            if block["type"] != "tool_result":
                continue
            changed |= drop(block, "is_error", False)
            content = block.get("content")
            if isinstance(content, list) and len(content) == 1 and \
                    set(content[0]) == {"type", "text"}:
                block["content"] = content[0]["text"]
                changed = True
            changed |= drop(block, "content", "", [])
    return changed


def rule_ttl(body, wish):
    """Five minutes is how long a cache lives by default."""
    changed = False
    for name in ("tools", "system"):
        items = body.get(name) if isinstance(body.get(name), list) else []
        for item in items:
            changed |= drop(item.get("cache_control") or {}, "ttl", "5m")
    for message in messages_of(body) if wish.dialect == "anthropic" else []:
        for block in message["content"]:
            changed |= drop(block.get("cache_control") or {}, "ttl", "5m")
    return changed


def rule_output_format(body, wish):
    """output_format was the beta's name of output_config.format."""
    if wish.dialect != "anthropic" or "output_format" not in body:
        return False
    body.setdefault("output_config", {})["format"] = body.pop("output_format")
    return True


def rule_image(body, wish):
    """An image by its URL alone is one with a member url."""
    changed = False
    for message in messages_of(body):
        content = message.get("content")
        for part in content if isinstance(content, list) else []:
            if isinstance(part.get("image_url"), str):
                part["image_url"] = {"url": part["image_url"]}
                changed = True
            if part.get("type") == "image_url":
                changed |= drop(part, "text", None)
    return changed


def rule_schema_name(body, wish):
    """The name and description of a response schema are free texts."""
    schema = (body.get("response_format") or {}).get("json_schema")
    if schema is None:
        return False
    return (schema.pop("name", None) is not None) | \
        (schema.pop("description", None) is not None)


def rule_any(body, wish):
    """any is Mistral's word for required, which others know as well."""
    if body.get("tool_choice") == "any":
        body["tool_choice"] = "required"
        return True
    return False


def rule_stop(body, wish):
    """One stop text is a list of one."""
    if isinstance(body.get("stop"), str):
        body["stop"] = [body["stop"]]
        return True
    return False


def rule_tool_name(body, wish):
    """Ollama's tool_name is newer than some recordings: it goes by place."""
    changed = False
    for message in messages_of(body) if wish.dialect == "ollama" else []:
        changed |= message.pop("tool_name", None) is not None
    return changed


def reasons(wish):
    """o-series and gpt-5 at their maker's and at Azure (WIRE 1)."""
    model = str(wish.body.get("model"))
    return wish.host in ("openai", "azure") and \
        model.startswith(("gpt-5", "o1", "o3", "o4")) and "chat" not in model


def rule_role(body, wish):
    """developer is the newer word for system."""
    changed = False
    for message in messages_of(body):
        if message["role"] == "developer":
            message["role"] = "system"
            changed = True
    return changed


def rule_no_system(body, wish):
    """o1-mini knows no system role: that text leads the user's (WIRE 1)."""
    messages = messages_of(body)
    if not str(wish.body["model"]).startswith("o1-mini") or \
            len(messages) < 2 or messages[0]["role"] != "system":
        return False
    messages[1]["content"] = "%s\n\n%s" % (messages[0]["content"],
                                           messages[1]["content"])
    del body["messages"][0]
    return True


def rule_limit(body, wish):
    """max_tokens and max_completion_tokens are one limit, but for the models
    that take the newer name only."""
    if wish.dialect == "openai" and "max_completion_tokens" in body:
        body["max_tokens"] = body.pop("max_completion_tokens")
        return True
    return False


def rule_temperature(body, wish):
    """Reasoning models know the temperature 1 only, so we leave it out."""
    return reasons(wish) and drop(body, "temperature", 1) | \
        drop(body, "top_p", 1)


RULES = [rule_null, rule_stream, rule_stream_options, rule_parallel, rule_auto,
         rule_tools_empty, rule_strict, rule_tool_type, rule_arguments,
         rule_content, rule_system, rule_neighbours, rule_results, rule_ttl,
         rule_output_format, rule_image, rule_schema_name, rule_any, rule_stop,
         rule_tool_name, rule_role, rule_no_system, rule_limit,
         rule_temperature]


def plain(body, wish, used=None):
    rules = getattr(wish, "plain", None)
    return rules(body, wish) if rules else plain_ruled(body, wish, used)


def plain_claude(body, wish):
    wish.dialect = "anthropic"
    return plain_ruled(body, wish)


def plain_ruled(body, wish, used=None):
    for rule in RULES:
        if rule(body, wish) and used is not None:
            used[rule.__name__[5:]] += 1
    return body


def wrong_word(ours, wish):
    """What the rules would hide: a word that only some hosts take."""
    if reasons(wish) and "max_tokens" in ours:
        return ".max_completion_tokens", "(only this name is taken)", \
            "max_tokens"
    if ours.get("tool_choice") == "any" and wish.host != "mistral":
        return ".tool_choice", "(any is Mistral's word)", "any"
    for i, message in enumerate(messages_of(ours)):
        if message["role"] == "developer" and not reasons(wish):
            return ".messages[%d].role" % i, "(developer is not known)", \
                "developer"
    return None


def closed_alike(theirs, ours):
    """A schema that is sent as strict has its objects closed: what we added so
    is no difference."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        if ours.get("additionalProperties") is False and \
                "additionalProperties" not in theirs:
            del ours["additionalProperties"]
        for name in set(theirs) & set(ours):
            closed_alike(theirs[name], ours[name])
    elif isinstance(theirs, list) and isinstance(ours, list):
        for a, b in zip(theirs, ours):
            closed_alike(a, b)


def pair_schema(theirs, ours, wish):
    """We ask for strictness wherever the schema allows it, and close what has
    to be closed for it (USERS 27)."""
    a = (theirs.get("response_format") or {}).get("json_schema")
    b = (ours.get("response_format") or {}).get("json_schema")
    if a and b:
        if not a.get("strict"):
            a.pop("strict", None)
            b.pop("strict", None)
        closed_alike(a, b)
    for name in ("output_config", "outputConfig"):
        if theirs.get(name) and ours.get(name):
            closed_alike(theirs[name], ours[name])
    for x, y in zip(functions(theirs), functions(ours)):
        if x.get("strict") and y.get("strict"):
            closed_alike(x, y)


# --------------------------------------------------------------------- runs

def base_url(wish):
    """What stands before the operation's path, if it is a URL."""
    url = wish.url.split("?")[0]
    at = url.rfind(wish.path) if wish.path else -1
    if not url.startswith(("http://", "https://")) or at < 0 or "<" in url:
        return None
    return url[:at]


def path_of(url):
    return urllib.parse.unquote(url.split("?")[0])


def members(pairs):
    """An object whose members have names of their own."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member twice in {%s}" % ", ".join(
            n for n, _ in pairs))
    return found


def run(llmf, wish):
    """What `llmf request` prints, as (JSON, "") or (None, fault)."""
    base = base_url(wish) or "http://127.0.0.1:9/v1"
    command = [llmf, "--api-key-env", KEY, "--base-url", base, "request"]
    if wish.stream:
        command.append("--stream")
    if wish.op:
        command += ["--op", wish.op]
    done = subprocess.run(command, input=json.dumps(wish.request).encode(),
                          capture_output=True, timeout=60)
    try:
        return json.loads(done.stdout, object_pairs_hook=members), ""
    except ValueError as fault:
        return None, "%s: %s" % (fault, (done.stderr or done.stdout).decode(
            "utf-8", "replace"))


class Outcome:
    def __init__(self, wish, kind, found=None, used=None, reply=None):
        self.wish, self.kind, self.found = wish, kind, found
        self.used, self.reply = used or collections.Counter(), reply


def judge(llmf, wish):
    reply, fault = run(llmf, wish)
    if reply is None:
        return Outcome(wish, "different", ("(no output)", "", fault))
    if "body" not in reply:
        error = reply.get("error") or {}
        text = error.get("message") or json.dumps(reply)
        refused = wish.record["response"]["status"] >= 400
        if error.get("code") in ("unsupported", "argument") and refused:
            return Outcome(wish, "refused", (text, "", ""), reply=reply)
        return Outcome(wish, "different", ("(refused)", "sent, and answered "
                       "with %d" % wish.record["response"]["status"], text),
                       reply=reply)
    ours = copy.deepcopy(reply["body"])
    used = collections.Counter()
    found = wrong_word(ours, wish) if wish.dialect == "openai" else None
    theirs = plain(wish.body, wish, used)
    ours = plain(ours, wish)
    pair_schema(theirs, ours, wish)
    found = found or difference(theirs, ours)
    if not found and base_url(wish) and \
            path_of(reply["url"]) != path_of(wish.url):
        found = ("(url)", wish.url, reply["url"])
    return Outcome(wish, "different" if found else "same", found, used, reply)


def readable(body):
    """None, or why no client's request can be read from it."""
    if not isinstance(body, dict):
        return "no JSON object as body"
    if "messages" in body and "model" in body and \
            not isinstance(body["model"], str):
        return "no model"
    if not all(isinstance(m, dict) for m in body.get("messages", [])):
        return "messages that are none"
    return None


def read_wishes(paths, dialects):
    """(wishes, Counter of records without a request, unreadable ones, Counter
    of those that nobody asks for)."""
    rows, found, unreadable = table(), [], []
    without, not_asked = collections.Counter(), collections.Counter()
    for path in paths:
        with open(path, encoding="utf-8") as file:
            record = json.load(file)
        name = record.get("operation")
        row = rows.get((name, record.get("provider"))) or rows.get((name,
                                                                    None))
        why = NOT_ASKED.get(name) or NOT_ASKED.get((name,
                                                    record.get("provider")))
        if why:
            not_asked[why] += 1
            continue
        if row is None or row[0] not in dialects:
            continue
        record["path"] = path
        body = (record.get("request") or {}).get("body")
        if not body:
            without[row[0]] += 1
            continue
        wish = Wish(record, row[0])
        wish.plain = None if row[2] is plain_ruled else row[2]
        wish.path = row[3]
        why = None if row[0] == "transcribe" and isinstance(body, str) \
            else readable(body)
        if why:
            wish.refuse(why)
        else:
            row[1](wish)
            if not wish.model:
                wish.refuse("no model")
        said = wish.request.keys() & {"messages", "prompt", "input", "audio"}
        if why or not wish.model or not any(wish.request[n] for n in said):
            unreadable.append(wish)          # there is nothing to ask
        else:
            found.append(wish)
    return found, without, unreadable, not_asked


# ------------------------------------------------------------------- report

def short(value):
    text = value if isinstance(value, str) else json.dumps(
        value, ensure_ascii=False)
    return text if len(text) <= WIDTH else text[:WIDTH] + "…"


def report(dialect, outcomes, without, unreadable, verbose):
    kinds = collections.Counter()
    reasons_seen = collections.Counter()
    for o in outcomes:
        sayable = not o.wish.cannot
        kinds["sayable"] += sayable
        kinds[o.kind] += 1
        kinds[("whole " if sayable else "part ") + o.kind] += 1
        reasons_seen.update(o.wish.cannot)
    for wish in unreadable:
        reasons_seen.update(wish.cannot)
    print("%-10s %4d requests, %d sayable: %d same, %d refused as the host "
          "did, %d different" % (
              dialect, len(outcomes) + len(unreadable), kinds["sayable"],
              kinds["whole same"], kinds["whole refused"],
              kinds["whole different"]))
    print("%-10s %4d not sayable as a whole: the rest of %d same, %d refused, "
          "%d different, %d unreadable; %d recordings have no request" % (
              "", sum(1 for o in outcomes if o.wish.cannot) + len(unreadable),
              kinds["part same"], kinds["part refused"],
              kinds["part different"], len(unreadable), without))
    extras = collections.Counter(n for o in outcomes for n in o.wish.extra)
    print("%-10s through extra: %s" % ("", ", ".join(
        "%s %d" % e for e in sorted(extras.items())) or "none"))
    for reason, count in sorted(reasons_seen.items(),
                                key=lambda r: (-r[1], r[0])):
        print("%16d  %s" % (count, reason))
    bad = [o for o in outcomes if o.kind == "different"]
    groups = collections.defaultdict(list)
    for o in bad:
        groups[o.found[0]].append(o)
    for path, group in sorted(groups.items()):
        print("FAILED: %s: %d requests differ" % (path, len(group)))
        for o in group if verbose else group[:3]:
            print("    %s\n        recorded %s\n        ours     %s" % (
                os.path.basename(o.wish.record["path"]), short(o.found[1]),
                short(o.found[2])))
    if verbose:
        used = sum((o.used for o in outcomes), collections.Counter())
        print("rules needed: " + ", ".join(
            "%s %d" % r for r in sorted(used.items())))
        for o in outcomes:
            if o.kind == "refused":
                print("refused: %s: %s" % (
                    os.path.basename(o.wish.record["path"]), o.found[0]))


def show(outcomes, text):
    for o in outcomes:
        if text not in o.wish.record["path"]:
            continue
        print(o.wish.record["path"], o.kind, o.found or "", o.wish.cannot)
        print("REQUEST ", json.dumps(o.wish.request, ensure_ascii=False))
        print("RECORDED", json.dumps(o.wish.record["request"]["body"],
                                     ensure_ascii=False))
        print("OURS    ", json.dumps(o.reply, ensure_ascii=False))


def options():
    """The parser of what both tools of recorded requests are told."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--llmf", default="build/llmf")
    parser.add_argument("--shared", default=os.environ.get(
        "LLMF_SHARED", "../shared"))
    parser.add_argument("files", nargs="*")
    return parser


def recordings(args):
    """The files to judge, [] where there are none; llmf reads the built-in
    rows alone from here on."""
    paths = args.files or sorted(glob.glob(os.path.join(
        args.shared, "traffic", "[!_]*", "*.json")))
    if not paths:
        print("there is no traffic in %s\n0 passed, 0 failed, 1 skipped"
              % args.shared)
    for name in [n for n in os.environ if n.endswith(("_MODEL", "_BASE_URL"))
                 or n.startswith("LLM_")]:
        del os.environ[name]
    os.environ[KEY] = "none"
    return paths


def main():
    parser = options()
    parser.add_argument("--dialects", default="openai,openai_responses,"
                        "anthropic,gemini,bedrock,cohere,ollama,embed,"
                        "transcribe,count")
    parser.add_argument("--show")
    parser.add_argument("-v", dest="verbose", action="store_true")
    args = parser.parse_args()
    paths = recordings(args)
    if not paths:
        return 0
    dialects = args.dialects.split(",")
    asked, without, unreadable, not_asked = read_wishes(paths, dialects)
    labels = {id(w): w.dialect for w in asked}
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        outcomes = list(pool.map(lambda w: judge(args.llmf, w), asked))
    for dialect in dialects:
        report(dialect, [o for o in outcomes
                         if labels[id(o.wish)] == dialect],
               without[dialect],
               [w for w in unreadable if w.dialect == dialect], args.verbose)
    for reason, count in sorted(not_asked.items()):
        print("%d recordings are not asked: %s" % (count, reason))
    if args.show:
        show(outcomes, args.show)
    failed = sum(1 for o in outcomes if o.kind == "different")
    print("%d passed, %d failed, 0 skipped" % (len(outcomes) - failed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
