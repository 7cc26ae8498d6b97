"""How recorded requests of Responses, Gemini, Converse and Cohere, and those of
the operations besides chat, are said in our Request form (see requests.py).

For each dialect there is a wish_…(wish), which fills wish.request from the
recorded body, and a plain_…(body, wish), which brings a body, recorded or ours,
into its plain form: two bodies that mean the same to the host are then equal.
Written from CLI.md, WIRE.md and the hosts' documentation.
"""
import base64
import json
import re

from wish import ELIDED, claimed, drop, from_url, plain_fields, without_nulls

REASONERS = ("gpt-5", "o1", "o3", "o4")


def one_or_all(texts):
    """A plain string for one text, else a list of parts."""
    if len(texts) == 1:
        return texts[0]
    return [{"type": "text", "text": t} for t in texts]


def as_list(value):
    return value if isinstance(value, list) else []


def state_of(wish, items):
    return "%s:%s" % (wish.row, json.dumps(items))


# ----------------------------------------------------------------- Responses

# Items that stand in an assistant's turn beside its texts and calls: they go
# back as they came, so the state says them.
RESPONSES_STATE = ("reasoning", "web_search_call", "file_search_call",
                   "code_interpreter_call", "mcp_call", "mcp_list_tools",
                   "tool_search_call", "tool_search_output", "compaction")


def responses_part(wish, part, role):
    kind = part.get("type")
    if kind in ("input_text", "output_text"):
        for name in set(part) - {"type", "text", "annotations", "logprobs"}:
            wish.refuse("%s at one part" % name)
            del part[name]
        return {"type": "text", "text": part["text"]}
    if kind == "input_image" and "image_url" in part:
        ours = from_url({"type": "image"}, part["image_url"])
        if part.get("detail"):
            ours["detail"] = part["detail"]
        return ours
    if kind == "input_file" and part.get("file_url"):
        return {"type": "file", "url": part["file_url"]}
    if kind == "input_file" and part.get("file_data"):
        ours = from_url({"type": "file"}, part["file_data"])
        if part.get("filename"):
            ours["name"] = part["filename"]
        return ours
    wish.refuse("a part of type %s in a %s message" % (kind, role))
    return None


def responses_content(wish, item, role):
    """What our message has for the content of a recorded one."""
    content = item["output" if item.get("type") == "function_call_output"
                   else "content"]
    if isinstance(content, str):
        return content
    kept, parts = [], []
    for part in content:
        said = responses_part(wish, part, role)
        if said:
            kept.append(part)
            parts.append(said)
    content[:] = kept
    return parts


def responses_turn(wish, items):
    """One assistant message for neighbouring items of the model's."""
    ours, state, texts = {"role": "assistant"}, [], []
    for item in items:
        kind = item.get("type", "message")
        if kind == "message":
            if item.pop("phase", None):
                wish.refuse("phase in a message")
            said = responses_content(wish, item, "assistant")
            text = said if isinstance(said, str) else "".join(
                p["text"] for p in said)
            texts.append(text)
            state.append(len(text.encode("utf-8")))
        elif kind == "function_call":
            if item.pop("namespace", None):
                wish.refuse("namespace in a function call")
            call = {"id": item["call_id"], "name": item["name"]}
            try:
                call["arguments"] = json.loads(item["arguments"] or "{}")
            except ValueError:
                call["arguments_raw"] = item["arguments"]
            ours.setdefault("tool_calls", []).append(call)
            state.append(None)
        else:
            state.append(item)
    if texts:
        ours["content"] = "".join(texts)
    ours["state"] = state_of(wish, state)
    return ours


def responses_messages(wish, items):
    out, turn, kept = [], [], []
    for item in items:
        kind = item.get("type", "message")
        known = kind in ("message", "function_call", "function_call_output") \
            or kind in RESPONSES_STATE
        if not known:
            wish.refuse("an item of type %s" % kind)
            continue
        kept.append(item)
        if kind in ("function_call",) + RESPONSES_STATE or \
                (kind == "message" and item["role"] == "assistant"):
            turn.append(item)
            continue
        if turn:
            out.append(responses_turn(wish, turn))
            turn = []
        if kind == "function_call_output":
            out.append({"role": "tool", "tool_call_id": item["call_id"],
                        "content": responses_content(wish, item, "tool")})
        else:
            role = {"developer": "system"}.get(item["role"], item["role"])
            out.append({"role": role, "content":
                        responses_content(wish, item, role)})
    if turn:
        out.append(responses_turn(wish, turn))
    items[:] = kept
    return out


def responses_tools(wish):
    """Functions; where another kind of tool is among them all go as they are."""
    tools = wish.take("tools") or []
    ours = []
    for tool in tools:
        without_nulls(tool)
        if tool.get("type") != "function" or set(tool) - {
                "type", "name", "description", "parameters", "strict"}:
            wish.extra["tools"] = tools
            return
        ours.append({n: tool[n] for n in tool if n != "type"})
    if ours:
        wish.request["tools"] = ours


def responses_wish(wish):
    body = wish.body
    wish.row = "openai_responses"
    without_nulls(body)
    wish.left = set(body)
    entry = wish.take("input")
    if isinstance(entry, str):
        wish.request["prompt"] = entry
    elif entry is not None:
        wish.request["messages"] = responses_messages(wish, entry)
    if wish.take("instructions"):
        wish.request["system"] = body["instructions"]
    responses_tools(wish)
    choice = wish.take("tool_choice")
    if isinstance(choice, str) and "tools" in wish.request:
        wish.request["tool_choice"] = choice
    elif isinstance(choice, dict) and choice.get("type") == "function" and \
            "tools" in wish.request:
        wish.request["tool_choice"] = choice["name"]
    elif choice not in (None, "auto"):
        wish.extra["tool_choice"] = choice
    reasoning = body.get("reasoning")
    if isinstance(reasoning, dict) and set(reasoning) == {
            "effort", "summary"} and reasoning["summary"] == "auto":
        wish.take("reasoning")
        wish.request["reasoning"] = reasoning["effort"]
    form = (body.get("text") or {}).get("format")
    if body.get("text") and set(body["text"]) == {"format"}:
        wish.take("text")
        if form["type"] == "json_schema":
            wish.request["format"] = form["schema"]
        elif form["type"] == "json_object":
            wish.request["format"] = "json"
    plain_fields(wish, [("temperature", "temperature"), ("top_p", "top_p"),
                        ("max_output_tokens", "max_tokens"),
                        ("user", "user")])
    if "tools" in wish.request:
        plain_fields(wish, [("parallel_tool_calls", "parallel_tool_calls")])
    if wish.op:                              # a count takes neither
        return wish.finish()
    if "store" not in body:
        wish.extra["store"] = True           # the default, which is not ours
    if "include" not in body:
        wish.extra["include"] = []
    return wish.finish()


def responses_plain_item(item):
    without_nulls(item)
    kind = item.setdefault("type", "message")
    if kind in ("message", "function_call", "reasoning"):
        item.pop("status", None)             # an echo of the reply
    if kind in ("message", "function_call"):
        item.pop("id", None)                 # of a store that has nothing
    if kind == "function_call":
        try:
            item["arguments"] = json.loads(item["arguments"] or "{}")
        except ValueError:
            pass
    name = "output" if kind == "function_call_output" else "content"
    if kind == "reasoning":
        return
    if isinstance(item.get(name), str):
        item[name] = [{"type": "input_text", "text": item[name]}]
    for part in as_list(item.get(name)):
        without_nulls(part)
        drop(part, "annotations", [])
        drop(part, "logprobs", [])
        if part.get("type") == "output_text":
            part["type"] = "input_text"
    if item.get("role") == "assistant" and all(
            part["type"] == "input_text" for part in as_list(item[name])):
        item[name] = "".join(part["text"] for part in item[name])
    if item.get("role") == "developer":
        item["role"] = "system"


def responses_plain(body, wish):
    without_nulls(body)
    drop(body, "stream", False)
    drop(body, "store", True)
    drop(body, "include", [])
    drop(body, "instructions", "")
    drop(body, "tools", [])
    drop(body, "tool_choice", "auto")
    drop(body, "parallel_tool_calls", True)
    drop(body, "text", {"format": {"type": "text"}})
    if isinstance(body.get("input"), str):
        body["input"] = [{"role": "user", "content": body["input"]}]
    for item in as_list(body.get("input")):
        responses_plain_item(item)
    if str(body.get("model")).startswith(REASONERS):
        drop(body, "temperature", 1)         # the only one that they know
    for tool in as_list(body.get("tools")):
        drop(tool, "description", "")
        drop(tool, "strict", False)
        drop(tool, "parameters", {"type": "object", "properties": {}})
    form = (body.get("text") or {}).get("format") or {}
    for name in ("name", "description", "strict"):
        form.pop(name, None)                 # free, and ours to choose
    return body


# -------------------------------------------------------------------- Gemini

CAMEL = re.compile(r"_([a-z])")
# Members whose value is the user's own: nothing in them is renamed.
GEMINI_OPAQUE = ("args", "response", "parametersJsonSchema",
                 "responseJsonSchema", "parameters", "responseSchema",
                 "enum", "labels")


def camel(value):
    """The API takes snake_case as well (WIRE 3): all to its own camelCase."""
    if isinstance(value, list):
        return [camel(v) for v in value]
    if not isinstance(value, dict):
        return value
    named = {CAMEL.sub(lambda m: m.group(1).upper(), n): v
             for n, v in value.items()}
    return {n: v if n in GEMINI_OPAQUE else camel(v)
            for n, v in named.items() if v is not None}


def json_schema(value):
    """The older form of a schema has its types in capitals (WIRE 3)."""
    if isinstance(value, list):
        return [json_schema(v) for v in value]
    if not isinstance(value, dict):
        return value
    return {n: v.lower() if n == "type" and isinstance(v, str)
            else json_schema(v) for n, v in value.items() if v is not None}


def gemini_ids(wish, call):
    """The id of a call, or one in the place of an id that the host gave none:
    the library does not send those of its own making."""
    wish.made += not call.get("id")
    return call.get("id") or "call%05d" % wish.made


def gemini_blob(wish, part):
    """Our part of inline data or a file."""
    if "fileData" in part:
        ours = {"url": part["fileData"]["fileUri"]}
        media = part["fileData"].get("mimeType", "")
        if media:
            ours["media_type"] = media
    else:
        media, data = part["inlineData"].get("mimeType"), \
            part["inlineData"].get("data")
        ours = {"url": "data:%s;base64,%s" % (media, data)} \
            if ELIDED in data else {"data": data.replace("-", "+")
                                    .replace("_", "/"), "media_type": media}
    kind = media.split("/")[0]
    ours["type"] = kind if kind in ("image", "audio") else "file"
    return ours


def gemini_user(wish, content):
    """Our messages for a content of the user's: results, then what is said."""
    out, parts, names = [], [], iter(wish.asked)
    for part in content["parts"]:
        if "functionResponse" in part:
            result = part["functionResponse"]
            waiting = [c for c in wish.asked if c["name"] == result["name"]]
            asked = next((c for c in waiting if c["id"] == result.get("id")),
                         waiting[0] if waiting else None)
            if asked:
                wish.asked.remove(asked)
            ours = {"role": "tool", "name": result["name"],
                    "tool_call_id": result.get("id") or
                    (asked["id"] if asked else gemini_ids(wish, result)),
                    "content": json.dumps(result["response"])}
            if parts:
                out.append({"role": "user", "content": parts})
                parts = []
            if "parts" in result:
                wish.refuse("parts in a function's result")
                del result["parts"]
            out.append(ours)
        elif "text" in part and set(part) == {"text"}:
            parts.append({"type": "text", "text": part["text"]})
        elif ("inlineData" in part or "fileData" in part) and len(part) == 1:
            parts.append(gemini_blob(wish, part))
        else:
            wish.refuse("%s in a user's part" % ", ".join(sorted(part)))
            part.clear()
    content["parts"] = [p for p in content["parts"] if p]
    if parts:
        out.append({"role": "user", "content": parts})
    return out


def gemini_model(wish, content):
    """One message for a content of the model's; where its parts stand, and
    those that are neither text nor call, the state says."""
    text, calls, state = "", [], []
    for part in content["parts"]:
        place = {"at": len(text.encode("utf-8")), "calls": len(calls)}
        signature = part.get("thoughtSignature")
        if "functionCall" in part:
            call = part["functionCall"]
            calls.append({"id": gemini_ids(wish, call), "name": call["name"],
                          "arguments": call.get("args") or {}})
            wish.asked.append(calls[-1])
            if signature is not None:
                state.append(dict(place, thoughtSignature=signature))
        elif "text" in part and not part.get("thought") and \
                not set(part) - {"text", "thoughtSignature", "thought"}:
            text += part["text"]
            if signature is not None:
                state.append(dict(place, thoughtSignature=signature,
                                  text=len(part["text"].encode("utf-8"))))
            elif calls:
                wish.refuse("text behind a call that has no signature")
                text = text[:len(text) - len(part["text"])]
                part.clear()
        else:
            state.append(dict(place, part=part))
    content["parts"] = [p for p in content["parts"] if p]
    ours = {"role": "assistant"}
    if text:
        ours["content"] = text
    if calls:
        ours["tool_calls"] = calls
    if state:
        ours["state"] = state_of(wish, state)
    return ours


def gemini_tools(wish):
    ours = []
    for tool in wish.take("tools") or []:
        if set(tool) != {"functionDeclarations"}:
            wish.extra["tools"] = wish.body["tools"]
            return
        for function in tool["functionDeclarations"]:
            schema = function.get("parametersJsonSchema") or json_schema(
                function.get("parameters"))
            said = {"name": function["name"]}
            if function.get("description"):
                said["description"] = function["description"]
            if schema:
                said["parameters"] = schema
            for name in set(function) - {"name", "description", "parameters",
                                         "parametersJsonSchema"}:
                wish.refuse("%s in a function" % name)
                del function[name]
            ours.append(said)
    if ours:
        wish.request["tools"] = ours


def gemini_thinking(wish, config):
    value = config.get("thinkingConfig")
    said = None
    if value == {"thinkingBudget": 0}:
        said = "none"
    elif value and value.get("includeThoughts") and len(value) == 2 and \
            value.get("thinkingBudget", 0) > 0:
        said = "%d tokens" % value["thinkingBudget"]
    elif value and value.get("includeThoughts") and len(value) == 2 and \
            value.get("thinkingLevel"):
        said = value["thinkingLevel"].lower()
    if said and not (said == "none" and "2.5-pro" in wish.model):
        wish.request["reasoning"] = said
        del config["thinkingConfig"]


GEMINI_FIELDS = {"temperature": "temperature", "topP": "top_p",
                 "maxOutputTokens": "max_tokens", "seed": "seed",
                 "stopSequences": "stop"}


def gemini_config(wish):
    config = dict(wish.take("generationConfig") or {})
    for theirs, ours in GEMINI_FIELDS.items():
        if theirs in config:
            wish.request[ours] = config.pop(theirs)
    gemini_thinking(wish, config)
    schema = config.get("responseJsonSchema") or json_schema(
        config.get("responseSchema"))
    if config.get("responseMimeType") == "application/json":
        del config["responseMimeType"]
        wish.request["format"] = schema or "json"
        config.pop("responseJsonSchema", None)
        config.pop("responseSchema", None)
    if config:
        wish.extra["generationConfig"] = config


def gemini_choice(wish):
    config = wish.take("toolConfig")
    choice = (config or {}).get("functionCallingConfig") or {}
    names = choice.get("allowedFunctionNames")
    said = {"AUTO": "auto", "NONE": "none", "ANY": "required"}.get(
        choice.get("mode"))
    if names is not None and len(names) == 1 and said == "required":
        said, names = names[0], None
    if said and names is None and set(config) == {"functionCallingConfig"} \
            and "tools" in wish.request:
        wish.request["tool_choice"] = said
    elif config:
        wish.extra["toolConfig"] = config


def gemini_wish(wish):
    body = wish.body = camel(wish.body)
    wish.row = "vertex" if wish.host == "vertex" else "gemini"
    method = wish.url.split("?")[0].rsplit(":", 1)[-1]
    wish.stream = method.startswith("stream")
    wish.made, wish.asked = 0, []
    body.pop("model", None)              # stands in the URL
    wish.left = set(body)
    system = wish.take("systemInstruction")
    messages = []
    if isinstance(system, dict):
        for name in set(system) - {"parts", "role"}:
            wish.refuse("%s in a system instruction" % name)
        texts = [p["text"] for p in system["parts"]]
        if len(texts) == 1:
            wish.request["system"] = texts[0]
        else:
            messages.append({"role": "system", "content": one_or_all(texts)})
    for content in wish.take("contents"):
        content.setdefault("role", "user")
        if content["role"] == "model":
            messages.append(gemini_model(wish, content))
        elif content["role"] in ("user", "function"):
            messages += gemini_user(wish, content)
        else:
            wish.refuse("a role that the host refuses: %s" % content["role"])
            content["parts"] = []
    body["contents"] = [c for c in body["contents"] if c["parts"]]
    wish.request["messages"] = messages
    gemini_tools(wish)
    gemini_choice(wish)
    gemini_config(wish)
    return wish.finish()


def gemini_text(parts):
    """Texts of the model that stand side by side without a signature are one."""
    out = []
    for part in parts:
        if out and set(part) == {"text"} == set(out[-1]):
            out[-1]["text"] += part["text"]
        elif part != {"text": ""}:
            out.append(part)
    return out


def gemini_plain(body, wish):
    body = camel(body)
    joined = []
    for content in body.get("contents", []):
        content.setdefault("role", "user")
        content["role"] = {"function": "user"}.get(content["role"],
                                                   content["role"])
        if joined and joined[-1]["role"] == content["role"]:
            joined[-1]["parts"] += content["parts"]
        elif content["parts"]:
            joined.append(content)
    for content in joined:
        drop_thought(content["parts"])
        if content["role"] == "model":
            content["parts"] = gemini_text(content["parts"])
        else:                                # results go first to it
            content["parts"].sort(key=lambda p: "functionResponse" not in p)
    body["contents"] = joined
    if "systemInstruction" in body:
        body["systemInstruction"].pop("role", None)
    functions = []
    for tool in as_list(body.get("tools")):
        functions += tool.get("functionDeclarations", [])
    if functions and all(set(t) == {"functionDeclarations"}
                         for t in body["tools"]):
        body["tools"] = [{"functionDeclarations": functions}]
    for function in functions:
        if "parameters" in function:
            function["parametersJsonSchema"] = json_schema(
                function.pop("parameters"))
        drop(function, "description", "")
        drop(function, "parametersJsonSchema", {})
    gemini_plain_config(body)
    drop(body, "tools", [])
    drop(body, "toolConfig", {"functionCallingConfig": {"mode": "AUTO"}}, {})
    body.pop("model", None)
    return body


def drop_thought(parts):
    for part in parts:
        blob = part.get("inlineData", {})
        if "data" in blob:                   # in either alphabet of base64
            blob["data"] = blob["data"].replace("-", "+").replace("_", "/")
        drop(part, "thought", False)
        for kind in ("functionCall", "functionResponse"):
            drop(part.get(kind, {}), "id", "")
        call = part.get("functionCall")
        if call is not None:
            call.setdefault("args", {})


def gemini_plain_config(body):
    config = body.get("generationConfig", {})
    if "responseSchema" in config:
        config["responseJsonSchema"] = json_schema(
            config.pop("responseSchema"))
    thinking = config.get("thinkingConfig", {})
    if "thinkingLevel" in thinking:
        thinking["thinkingLevel"] = thinking["thinkingLevel"].lower()
    drop(config, "stopSequences", [])
    drop(body, "generationConfig", {})


# ------------------------------------------------------------------ Converse

CONVERSE_IMAGES = ("png", "jpeg", "gif", "webp")
CONVERSE_MEDIA = {
    "pdf": "application/pdf", "csv": "text/csv", "txt": "text/plain",
    "md": "text/markdown", "html": "text/html", "doc": "application/msword",
    "docx": "application/vnd.openxmlformats-officedocument."
            "wordprocessingml.document",
    "xls": "application/vnd.ms-excel",
    "xlsx": "application/vnd.openxmlformats-officedocument."
            "spreadsheetml.sheet",
    "mp4": "video/mp4", "mov": "video/quicktime", "webm": "video/webm"}


def converse_media(wish, kind, value):
    source, ours = value["source"], {"type": "file"}
    ours["media_type"] = "image/" + value["format"] if kind == "image" else \
        CONVERSE_MEDIA.get(value["format"], "")
    if kind == "image":
        ours["type"] = "image"
    for name in set(value) - {"format", "source", "name"}:
        wish.refuse("%s in a %s" % (name, kind))
        del value[name]
    if "s3Location" in source:
        if set(source["s3Location"]) != {"uri"}:
            wish.refuse("bucketOwner of a file in S3")
            source["s3Location"] = {"uri": source["s3Location"]["uri"]}
        ours["url"] = source["s3Location"]["uri"]
    elif isinstance(source.get("bytes"), str) and ELIDED in source["bytes"]:
        ours["url"] = "data:%s;base64,%s" % (ours.pop("media_type"),
                                             source["bytes"])
    elif isinstance(source.get("bytes"), str):
        ours["data"] = source["bytes"]
    else:
        wish.refuse("a %s that is not bytes" % kind)
        return None
    if value.get("name"):
        ours["name"] = value["name"] + "." + value["format"]
    return ours


def converse_result(wish, value):
    ours = {"role": "tool", "tool_call_id": value["toolUseId"]}
    if value.get("status") == "error":
        ours["is_error"] = True
    parts, kept = [], []
    for item in value["content"]:
        kind = next(iter(item))
        part = None
        if kind == "text":
            part = {"type": "text", "text": item["text"]}
        elif kind in ("image", "document", "video"):
            part = converse_media(wish, kind, item[kind])
        else:
            wish.refuse("%s in a tool result" % kind)
        if part:
            kept.append(item)
            parts.append(part)
    value["content"] = kept
    ours["content"] = parts if parts else ""
    return ours


CONVERSE_ORDER = {"state": 0, "part": 1, "call": 2}


def converse_piece(wish, role, block):
    """("kind", our piece) of a block, or None."""
    kind, value = next(iter(block.items()))
    if kind == "text":
        return "part", {"type": "text", "text": value}
    if kind in ("image", "document", "video"):
        part = converse_media(wish, kind, value)
        return ("part", part) if part else None
    if kind == "toolUse" and role == "assistant":
        for name in set(value) - {"toolUseId", "name", "input"}:
            wish.refuse("%s in a toolUse" % name)
            del value[name]
        return "call", {"id": value["toolUseId"], "name": value["name"],
                        "arguments": value["input"]}
    if kind == "toolResult" and role == "user":
        return "result", converse_result(wish, value)
    if kind == "reasoningContent":
        return "state", block
    wish.refuse("a block %s in a message of the %s" % (kind, role))
    return None


def converse_message(wish, message):
    out, at, kept = [], None, []
    for block in message["content"]:
        said = converse_piece(wish, message["role"], block)
        if not said:
            continue
        kept.append(block)
        kind, piece = said
        if kind == "result":
            out.append(piece)
            at = None
            continue
        if at is None or CONVERSE_ORDER[kind] < CONVERSE_ORDER[at]:
            out.append({"role": message["role"]})
        at = kind
        name = {"part": "content", "call": "tool_calls"}.get(kind, kind)
        out[-1].setdefault(name, []).append(piece)
    message["content"] = kept
    for ours in out:
        if "state" in ours:
            ours["state"] = state_of(wish, ours["state"])
    return out


def converse_cache(wish):
    """cachePoints: `cache` says them where it puts them itself."""
    body = wish.body
    places = [("system", body.get("system", [])),
              ("tools", (body.get("toolConfig") or {}).get("tools", []))]
    places += [(i, m["content"]) for i, m in enumerate(body["messages"])]
    found = [(where, i + 1 == len(items)) for where, items in places
             for i, block in enumerate(items) if "cachePoint" in block]
    ours = [("system", True)] if body.get("system") else []
    ours.append((len(body["messages"]) - 1, True))
    if found and found == ours:
        wish.request["cache"] = True
        return
    if found:
        wish.refuse("cachePoint at other places than `cache` puts it")
    for _, items in places:
        items[:] = [block for block in items if "cachePoint" not in block]


def converse_tools(wish):
    config = wish.take("toolConfig") or {}
    tools, choice = config.get("tools", []), config.get("toolChoice")
    ours = []
    for tool in tools:
        spec = tool.get("toolSpec")
        if spec is None:
            wish.extra["toolConfig"] = config
            return
        said = {"name": spec["name"],
                "parameters": spec["inputSchema"]["json"]}
        for name in ("description", "strict"):
            if spec.get(name):
                said[name] = spec[name]
        ours.append(said)
    if ours:
        wish.request["tools"] = ours
    if choice:
        kind = next(iter(choice))
        wish.request["tool_choice"] = {"any": "required"}.get(
            kind, kind) if kind != "tool" else choice["tool"]["name"]


def converse_thinking(wish):
    fields = dict(wish.take("additionalModelRequestFields") or {})
    thinking = fields.get("thinking")
    if isinstance(thinking, dict) and set(thinking) == {"type",
                                                        "budget_tokens"}:
        wish.request["reasoning"] = "%d tokens" % thinking["budget_tokens"]
        del fields["thinking"]
    nova = fields.get("reasoningConfig")
    if isinstance(nova, dict) and set(nova) == {"type",
                                                "maxReasoningEffort"}:
        wish.request["reasoning"] = nova["maxReasoningEffort"]
        del fields["reasoningConfig"]
    if fields:
        wish.extra["additionalModelRequestFields"] = fields


def converse_wish(wish):
    body = wish.body
    wish.row = "bedrock"
    wish.stream = wish.url.split("?")[0].endswith("/converse-stream")
    wish.left = set(body)
    converse_cache(wish)
    messages = []
    system = wish.take("system") or []
    texts = []
    for block in system:
        if set(block) == {"text"}:
            texts.append(block["text"])
        elif "cachePoint" not in block:
            wish.refuse("%s in the system text" % next(iter(block)))
    body["system"] = [b for b in system if "text" in b or "cachePoint" in b]
    if len(texts) == 1:
        wish.request["system"] = texts[0]
    elif texts:
        messages += [{"role": "system", "content": t} for t in texts]
    for message in wish.take("messages"):
        marks = [b for b in message["content"] if "cachePoint" in b]
        message["content"] = [b for b in message["content"]
                              if "cachePoint" not in b]
        messages += converse_message(wish, message)
        message["content"] += marks
    wish.request["messages"] = messages
    converse_tools(wish)
    converse_thinking(wish)
    inference = dict(wish.take("inferenceConfig") or {})
    for theirs, ours in (("maxTokens", "max_tokens"), ("topP", "top_p"),
                         ("temperature", "temperature"),
                         ("stopSequences", "stop")):
        if theirs in inference:
            wish.request[ours] = inference.pop(theirs)
    for name in sorted(inference):
        wish.refuse("%s in inferenceConfig" % name)
        del body["inferenceConfig"][name]
    form = (wish.take("outputConfig") or {}).get("textFormat")
    if form:
        schema = form["structure"]["jsonSchema"]
        wish.request["format"] = json.loads(schema["schema"])
    return wish.finish()


def converse_plain(body, wish):
    without_nulls(body)
    joined = []
    for message in body.get("messages", []):
        if joined and joined[-1]["role"] == message["role"]:
            joined[-1]["content"] += message["content"]
        elif message["content"]:
            joined.append(message)
    body["messages"] = joined
    names = 0
    for message in joined:
        for block in message["content"]:
            result = block.get("toolResult", {})
            drop(result, "status", "success")
            result.pop("type", None)
            for inner in [block] + result.get("content", []):
                if "document" in inner:      # free, but no two alike
                    names += 1
                    inner["document"]["name"] = "document %d" % names
                    drop(inner["document"], "context", "", None)
    form = (body.get("outputConfig") or {}).get("textFormat")
    if form:
        schema = form["structure"]["jsonSchema"]
        schema["schema"] = json.loads(schema["schema"])
        schema.pop("name", None)
        schema.pop("description", None)
    for tool in (body.get("toolConfig") or {}).get("tools", []):
        drop(tool.get("toolSpec", {}), "strict", False)
        drop(tool.get("toolSpec", {}), "description", "")
    config = body.get("toolConfig") or {}
    drop(config, "toolChoice", {"auto": {}})
    drop(body.get("inferenceConfig", {}), "stopSequences", [])
    for name in ("system", "inferenceConfig", "toolConfig",
                 "additionalModelRequestFields"):
        drop(body, name, [], {})
    return body


# -------------------------------------------------------------------- Cohere

def cohere_message(wish, message):
    without_nulls(message)
    ours, back = {"role": message["role"]}, {}
    content = message.get("content")
    if isinstance(content, str):
        ours["content"] = content
    thought, parts, kept = [], [], []
    for part in as_list(content):
        if part["type"] == "thinking":
            thought.append(part)
        elif part["type"] == "text":
            parts.append({"type": "text", "text": part["text"]})
        elif part["type"] == "image_url":
            parts.append(from_url({"type": "image"},
                                  part["image_url"]["url"]))
            if part["image_url"].get("detail"):
                parts[-1]["detail"] = part["image_url"]["detail"]
        else:
            wish.refuse("%s in a %s message" % (part["type"],
                                                message["role"]))
            continue
        kept.append(part)
    if isinstance(content, list):
        message["content"] = kept
        ours["content"] = parts
    if thought:
        back["content"] = thought
    if message.get("tool_plan"):
        back["tool_plan"] = message["tool_plan"]
    for name in set(message) - {"role", "content", "tool_plan", "tool_calls",
                                "tool_call_id"}:
        wish.refuse("%s in a message" % name)
        del message[name]
    if back:
        ours["state"] = state_of(wish, back)
    if message.get("tool_calls"):
        ours["tool_calls"] = [
            {"id": c["id"], "name": c["function"]["name"],
             "arguments": json.loads(c["function"]["arguments"] or "{}")}
            for c in message["tool_calls"]]
    if message.get("tool_call_id"):
        ours["tool_call_id"] = message["tool_call_id"]
    return ours


def cohere_wish(wish):
    body = wish.body
    wish.row = "cohere"
    without_nulls(body)
    wish.left = set(body)
    wish.request["messages"] = [cohere_message(wish, m)
                                for m in wish.take("messages")]
    if wish.take("tools"):
        strict = bool(wish.take("strict_tools"))
        wish.request["tools"] = [dict(
            {n: v for n, v in t["function"].items() if v is not None},
            **({"strict": True} if strict else {})) for t in body["tools"]]
    choice = wish.take("tool_choice")
    if choice:
        wish.request["tool_choice"] = choice.lower()
    form = wish.take("response_format")
    if form:
        wish.request["format"] = form.get("json_schema") or \
            form.get("schema") or "json"
    plain_fields(wish, [("temperature", "temperature"), ("p", "top_p"),
                        ("max_tokens", "max_tokens"), ("seed", "seed"),
                        ("stop_sequences", "stop")])
    return wish.finish()


def cohere_plain(body, wish):
    without_nulls(body)
    drop(body, "stream", False)
    form = body.get("response_format") or {}
    if "schema" in form:
        form["json_schema"] = form.pop("schema")
    for message in body.get("messages", []):
        without_nulls(message)
        content = message.get("content")
        if isinstance(content, str):
            message["content"] = content = [{"type": "text", "text": content}]
        message["content"] = [p for p in as_list(content)
                              if p.get("text") != ""]
        drop(message, "content", [])         # empty and absent are the same
        for call in message.get("tool_calls", []):
            call["function"]["arguments"] = json.loads(
                call["function"]["arguments"] or "{}")
    for tool in body.get("tools", []):
        drop(tool["function"], "description", "")
    return body


# ------------------------------------------------- operations besides chats

def embed_wish(wish):
    """Lists of texts; the vectors' form on the wire is ours to choose."""
    wish.op = "embed"
    body = wish.body
    if wish.record["operation"] == "embeddings":
        wish.row = claimed(wish.host)
    without_nulls(body)
    if not all(isinstance(t, str) for t in as_list(body.get("input"))):
        wish.refuse("texts given as numbers of tokens")
        del body["input"]
    wish.left = set(body)
    names = {"input": "input", "texts": "input", "inputs": "input",
             "dimensions": "dimensions", "output_dimension": "dimensions",
             "user": "user"}
    plain_fields(wish, [(n, o) for n, o in names.items() if n in body])
    for name in ("encoding_format", "embedding_types"):
        wish.take(name)
    purpose = body.get("input_type")
    if purpose:
        wish.take("input_type")
        wish.request["purpose"] = {"search_document": "document",
                                   "search_query": "query"}.get(purpose,
                                                                purpose)
    return wish.finish()


def embed_plain(body, wish):
    without_nulls(body)
    for name in ("encoding_format", "embedding_types"):
        body.pop(name, None)
    for name in ("input", "texts", "inputs"):
        if isinstance(body.get(name), str):
            body[name] = [body[name]]
    drop(body, "output_dtype", "float")
    drop(body, "truncation", True)
    drop(body, "options", {})
    return body


GEMINI_PURPOSE = {"RETRIEVAL_DOCUMENT": "document", "RETRIEVAL_QUERY": "query",
                  "CLASSIFICATION": "classification",
                  "CLUSTERING": "clustering",
                  "SEMANTIC_SIMILARITY": "similarity"}


def gemini_embed_wish(wish):
    """One request a text: what they have in common stands once with us."""
    wish.op, wish.row = "embed", "vertex" if wish.host == "vertex" else "gemini"
    body = wish.body = camel(wish.body)
    body.pop("model", None)
    wish.left = set(body)
    several = wish.take("requests")
    if several is None and "content" in body:
        wish.take("content")
        several = [body]
    if several is None:
        several = [{"content": {"parts": [{"text": i["content"]}]},
                    "outputDimensionality": body.get("parameters", {}).get(
                        "outputDimensionality")}
                   for i in wish.take("instances")]
        wish.take("parameters")
    first = several[0]
    wish.request["input"] = [r["content"]["parts"][0]["text"] for r in several]
    if any(len(r["content"]["parts"]) != 1 for r in several):
        wish.refuse("several parts in one text")
    kinds = {(r.get("taskType"), r.get("outputDimensionality"),
              r.get("title")) for r in several}
    if len(kinds) != 1 or first.get("title"):
        wish.refuse("texts with different settings, or a title")
    if first.get("taskType"):
        wish.take("taskType")
        wish.request["purpose"] = GEMINI_PURPOSE.get(first["taskType"],
                                                     first["taskType"])
    if first.get("outputDimensionality"):
        wish.take("outputDimensionality")
        wish.request["dimensions"] = first["outputDimensionality"]
    return wish.finish()


def gemini_embed_plain(body, wish):
    body = camel(body)
    body.pop("model", None)
    for one in [body] + body.get("requests", []):
        one.pop("model", None)
        one.get("content", {}).pop("role", None) \
            if isinstance(one.get("content"), dict) else None
    return body


def count_wish(chat):
    """A count asks with the body of a chat."""
    def asked(wish):
        wish.op = "count"
        if "max_tokens" in wish.body:
            wish.refuse("max_tokens in a count")
            del wish.body["max_tokens"]
        return chat(wish)
    return asked


def gemini_count_wish(wish):
    inner = wish.body.get("generateContentRequest")
    wish.body = dict(inner or wish.body)
    wish.op = "count"
    return gemini_wish(wish)


def gemini_count_plain(body, wish):
    return gemini_plain(body.get("generateContentRequest", body), wish)


FIELD = re.compile(r'name="([^"]*)"(?:; filename="([^"]*)")?')


def form_of(text):
    """The fields of a recorded form, as `llmf request` prints its own."""
    bound = text.split("\r\n", 1)[0]
    fields = []
    for piece in text.split(bound)[1:-1]:
        head, _, value = piece.strip("\r\n").partition("\r\n\r\n")
        name, filename = FIELD.search(head).groups()
        fields.append({"name": name, "file": filename is not None}
                      if filename is not None else
                      {"name": name, "value": value})
    return {"multipart": fields}


AUDIO = {"data": base64.b64encode(b"RIFF0000WAVE").decode(),
         "media_type": "audio/wav", "name": "ruby.wav"}


def form_wish(wish):
    wish.op = "transcribe"
    wish.row = claimed(wish.host)
    wish.body = form_of(wish.body)
    wish.request["audio"] = dict(AUDIO)
    wish.left = set()
    for field in wish.body["multipart"]:
        name, value = field["name"], field.get("value")
        if name == "model":
            wish.model = value
        if name in ("language", "prompt"):
            wish.request[name] = value
        elif name == "temperature":
            wish.request[name] = float(value)
        elif name == "stream":
            wish.stream = value == "true"
        elif name == "timestamp_granularities[]" and value == "segment":
            wish.request["segments"] = True
        elif name not in ("file", "model", "response_format"):
            wish.extra[name] = value
    return wish.finish()


def form_plain(body, wish):
    """In which form the transcript comes is ours to choose: JSON."""
    fields = {}
    for field in body["multipart"]:
        if field["name"] == "response_format":
            continue
        fields.setdefault(field["name"], []).append(
            "(file)" if "file" in field or "filename" in field
            else field["value"])
    return fields


# Where each recorded operation goes: the name of its row in the table, how it
# is said, its plain form, and where the operation's path begins.
OPERATIONS = {
    "responses": ("openai_responses", responses_wish, responses_plain,
                  "/responses"),
    "generate_content": ("gemini", gemini_wish, gemini_plain, "/models/"),
    "stream_generate_content": ("gemini", gemini_wish, gemini_plain,
                                "/models/"),
    "converse": ("bedrock", converse_wish, converse_plain, "/model/"),
    "converse_stream": ("bedrock", converse_wish, converse_plain, "/model/"),
    "chat_v2": ("cohere", cohere_wish, cohere_plain, "/v2/chat"),
    "embeddings": ("embed", embed_wish, embed_plain, "/embeddings"),
    "embed_v2": ("embed", embed_wish, embed_plain, "/v2/embed"),
    "api_embed": ("embed", embed_wish, embed_plain, "/api/embed"),
    "feature_extraction": ("embed", embed_wish, embed_plain, None),
    "batch_embed_contents": ("embed", gemini_embed_wish, gemini_embed_plain,
                             "/models/"),
    "embed_content": ("embed", gemini_embed_wish, gemini_embed_plain,
                      "/models/"),
    "predict": ("embed", gemini_embed_wish, gemini_embed_plain, "/models/"),
    "audio_transcriptions": ("transcribe", form_wish, form_plain, None),
}
