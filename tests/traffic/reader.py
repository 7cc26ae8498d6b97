#!/usr/bin/env python3
"""An independent reader of recorded traffic: what `llmf replay` must print.

Written from RULES.md (cited as "rule N") and WIRE.md alone; it shares no line
with the library. `read(record)` gives the Response object of CLI.md for one
interaction in the format of traffic/INDEX.md.

    read(record, body=None)   -> dict, the Response (or None: out of scope)
    dialect(record)           -> str, or None where rule 36 leaves it out
    terminal_offset(record)   -> int, or None for a reply that is no stream

Conventions of the dict: a missing key is "nothing to compare"; a tool call
whose `id` is None had none from the provider, so any unique text will do
(rule 11); an error whose `message` is missing had none that is plainly one.
"""
import base64
import binascii
import json
import re
import struct
import sys
import xml.etree.ElementTree as ElementTree

if hasattr(sys, "set_int_max_str_digits"):
    sys.set_int_max_str_digits(0)        # a number is kept as it came (rule 12)


# --------------------------------------------------------------------- JSON

class Int(int):
    """An integer that remembers its digits: -0 is not 0 (rule 12)."""

    def __new__(cls, text):
        self = super().__new__(cls, text)
        self.text = text
        return self


class Obj(dict):
    """An object that remembers its members in order, repeated ones too."""

    def __init__(self, pairs):
        super().__init__(pairs)
        self.pairs = pairs


class NotJson(ValueError):
    pass


LONE = re.compile("[\ud800-\udfff]")
ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def _no_constant(word):
    raise NotJson(word)                  # NaN and Infinity are not JSON


def _mend(value):
    """Rule 1: a lone surrogate becomes U+FFFD."""
    if isinstance(value, str):
        return LONE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_mend(v) for v in value]
    if isinstance(value, dict):
        return Obj([(_mend(k), _mend(v)) for k, v in value.pairs])
    return value


def loads(text):
    """Strict JSON; bytes are UTF-8 where each fault becomes U+FFFD (rule 1)."""
    if isinstance(text, (bytes, bytearray)):
        text = bytes(text).decode("utf-8", "replace")
    try:
        value = json.loads(text, parse_int=Int, parse_constant=_no_constant,
                           object_pairs_hook=Obj)
        return _mend(value) if ESCAPED_SURROGATE.search(text) else value
    except (ValueError, RecursionError) as fault:
        raise NotJson(str(fault)) from None


def obj(value, *path):
    """The object at a path of members, {} where there is none."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def arr(value, *path):
    """The array at a path of members, [] where there is none."""
    if path:
        value = obj(value, *path[:-1]).get(path[-1])
    return value if isinstance(value, list) else []


def dicts(value, *path):
    return [v for v in arr(value, *path) if isinstance(v, dict)]


def text_of(value):
    return value if isinstance(value, str) else ""


def number(value):
    """A count of tokens, or None: null and absent are the same (rule 18)."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return int(value) if value == value and abs(value) < 1e18 else None


def first_number(*values):
    return next((n for n in map(number, values) if n is not None), None)


def add(*values):
    """Rule 19: a sum counts what is there, absent only where every part is."""
    there = [v for v in values if v is not None]
    return sum(there) if there else None


# -------------------------------------------------------------- the framings

def sse(body):
    """Events of a text/event-stream: (data, end, complete).

    `end` is the offset behind the last byte of the data that is no space: a
    cut there leaves the JSON whole. `complete` tells that the blank line came.
    """
    at = 3 if body.startswith(b"\xef\xbb\xbf") else 0
    data, end = [], 0
    while at < len(body):
        stop = re.compile(rb"\r\n|\n|\r").search(body, at)
        line_end = stop.start() if stop else len(body)
        line = body[at:line_end]
        if line.startswith(b"data:"):
            value = line[5:]
            data.append(value[1:] if value.startswith(b" ") else value)
            end = at + len(line.rstrip())
        elif line == b"data":
            data.append(b"")
            end = at + len(line)
        elif not line and stop:
            if b"".join(data).strip():
                yield b"\n".join(data), end, True
            data = []
        at = stop.end() if stop else len(body)
    if b"".join(data).strip():
        yield b"\n".join(data), end, False


def ndjson(body):
    """Lines of NDJSON, as sse() gives events."""
    at = 0
    while at < len(body):
        stop = body.find(b"\n", at)
        line = body[at:stop if stop >= 0 else len(body)]
        if line.strip():
            yield line, at + len(line.rstrip()), stop >= 0
        at = stop + 1 if stop >= 0 else len(body)


def _element_end(body, at):
    """Offset behind the JSON object or array at `at`, or None: not all here."""
    depth, inside, skip = 0, False, False
    for here in range(at, len(body)):
        byte = body[here]
        if inside:
            if skip:
                skip = False
            elif byte == 0x5C:
                skip = True
            elif byte == 0x22:
                inside = False
        elif byte == 0x22:
            inside = True
        elif byte in b"{[":
            depth += 1
        elif byte in b"}]":
            depth -= 1
            if depth == 0:
                return here + 1
    return None


def json_array(body):
    """Elements of a streamed JSON array, as sse() gives events.

    The closing bracket comes as the data b"]".
    """
    at = body.find(b"[") + 1
    while at < len(body):
        byte = body[at:at + 1]
        if byte in b" \t\r\n,":
            at += 1
        elif byte == b"]":
            yield b"]", at + 1, True
            return
        elif byte == b"{":
            end = _element_end(body, at)
            if end is None:
                return
            yield body[at:end], end, True
            at = end
        else:
            yield body[at:], len(body), True     # not the protocol (rule 28)
            return


HEADER_SIZE = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}


def frame_headers(data):
    """Headers of an event-stream frame as {name: text}; ValueError if wrong."""
    found, at = {}, 0
    while at < len(data):
        name = data[at + 1:at + 1 + data[at]].decode("utf-8", "replace")
        at += 1 + data[at]
        kind = data[at]
        at += 1
        if kind in (6, 7):
            size = struct.unpack(">H", data[at:at + 2])[0]
            at += 2
        elif kind in HEADER_SIZE:
            size = HEADER_SIZE[kind]
        else:
            raise ValueError("header type")
        if at + size > len(data):
            raise ValueError("header length")
        found[name] = data[at:at + size].decode("utf-8", "replace")
        at += size
    return found


def frames(body):
    """Frames of application/vnd.amazon.eventstream: (headers, payload, end).

    headers is None for a frame whose checksum or form is wrong (rule 28).
    A frame that is not all here ends the list (rule 25).
    """
    at = 0
    while at + 12 <= len(body):
        total, headers, crc = struct.unpack(">III", body[at:at + 12])
        if binascii.crc32(body[at:at + 8]) != crc or headers + 16 > total:
            yield None, b"", at
            return
        if at + total > len(body):
            return
        frame = body[at:at + total]
        if binascii.crc32(frame[:-4]) != struct.unpack(">I", frame[-4:])[0]:
            yield None, b"", at
            return
        try:
            found = frame_headers(frame[12:12 + headers])
        except (ValueError, IndexError, struct.error):
            yield None, b"", at
            return
        at += total
        yield found, frame[12 + headers:-4], at


# ------------------------------------------------------------- finish reason

CANONICAL = {}                           # rule 15
for _canonical, _words in {
    "stop": "stop eos eos_token end_turn stop_sequence STOP COMPLETE "
            "STOP_SEQUENCE completed",
    "length": "length max_tokens MAX_TOKENS max_output_tokens "
              "model_context_window_exceeded",
    "tool_calls": "tool_calls tool_use function_call TOOL_CALL",
    "content_filter": "content_filter content_filtered guardrail_intervened "
                      "SAFETY RECITATION BLOCKLIST PROHIBITED_CONTENT SPII "
                      "MODEL_ARMOR IMAGE_SAFETY IMAGE_PROHIBITED_CONTENT "
                      "IMAGE_RECITATION",
    "refusal": "refusal",
}.items():
    for _word in _words.split():
        CANONICAL[_word] = _canonical


def finish_reason(raw, calls, refusal):
    word = CANONICAL.get(raw, "other") if raw else None
    if word in (None, "stop"):           # rule 16
        if refusal:
            return "refusal"
        if calls:
            return "tool_calls"
        return word or "other"
    return word


# -------------------------------------------------------------------- errors

KNOWN = {}                               # rule 29 c
for _code, _words in {
    "context_length": "context_length_exceeded exceed_context_size_error "
                      "too_many_prompt_tokens TOO_MANY_TOKENS",
    "quota": "insufficient_quota billing_error ServiceQuotaExceededException",
    "rate_limit": "rate_limit_exceeded rate_limit_error rate_limited "
                  "RESOURCE_EXHAUSTED ThrottlingException SlowDown "
                  "RateLimitReached",
    "auth": "invalid_api_key authentication_error API_KEY_INVALID "
            "UNAUTHENTICATED UnrecognizedClientException ExpiredToken "
            "ExpiredTokenException InvalidSignatureException "
            "SignatureDoesNotMatch InvalidAccessKeyId",
    "permission": "permission_error PERMISSION_DENIED AccessDenied "
                  "AccessDeniedException",
    "not_found": "model_not_found not_found_error NOT_FOUND invalid_model "
                 "DeploymentNotFound ResourceNotFoundException "
                 "ParameterNotFound NoSuchKey NoSuchBucket",
    "content_filter": "content_filter content_policy_violation "
                      "ResponsibleAIPolicyViolation",
    "overloaded": "overloaded_error UNAVAILABLE ServiceUnavailableException "
                  "ModelNotReadyException",
    "timeout": "ModelTimeoutException timeout_error DEADLINE_EXCEEDED",
}.items():
    for _word in _words.split():
        KNOWN[_word] = _code

BAD_REQUEST_WORDS = ("invalid_request_error", "INVALID_ARGUMENT",
                     "ValidationException")                      # rule 29 f
KEY_WORDS = ("incorrect api key", "invalid api key", "api key not valid",
             "unregistered callers")                             # rule 29 a
CONTEXT_WORDS = ("maximum context length", "context window",
                 "prompt is too long", "input tokens exceeded",
                 "exceeds the maximum number of tokens",
                 "available context size",                       # rule 29 b;
                 # its list is open: words of the same meaning
                 "context length is only", "maximum prompt length",
                 "input is too long", "prompt too long")


def by_status(status):
    """Rule 29 e."""
    fixed = {400: "bad_request", 413: "bad_request", 422: "bad_request",
             401: "auth", 402: "quota", 403: "permission",
             404: "not_found", 410: "not_found", 408: "timeout",
             504: "timeout", 429: "rate_limit", 503: "overloaded",
             529: "overloaded", 424: "server"}
    if status in fixed:
        return fixed[status]
    return "server" if status >= 500 else "bad_request"


def known_word(word):
    """Event streams write exception names with a small first letter."""
    return KNOWN.get(word) or KNOWN.get(word[:1].upper() + word[1:])


def classify(status, words, message):
    """Rule 29: `status` is the one for the class, None where there is none."""
    said = message.lower()
    if any(w in said for w in KEY_WORDS):                        # a
        if status is None or (status < 500 and status != 429):
            return "auth"
    if status is None or by_status(status) == "bad_request":     # b
        if any(w in said for w in CONTEXT_WORDS):
            return "context_length"
    for word in words:                                           # c
        if known_word(word):
            return known_word(word)
    if status == 400 and "model identifier is invalid" in said:  # d
        return "not_found"
    if status is not None:                                       # e
        return by_status(status)
    for word in words:                                           # f
        if word[:1].upper() + word[1:] in BAD_REQUEST_WORDS \
                or word in BAD_REQUEST_WORDS:
            return "bad_request"
    return "server"


def error_parts(body):
    """The object that holds the provider's words, and its message.

    Shapes: WIRE.md 16. The message is None where there is none that is
    plainly one (a list of several).
    """
    if isinstance(body, list) and body:
        body = body[0]
    if isinstance(body, str):
        return {}, body
    if not isinstance(body, dict):
        return {}, None
    inner = body.get("error")
    if isinstance(inner, dict):
        own = inner.get("message")
        return inner, own if isinstance(own, str) else None
    if isinstance(inner, str):
        return body, inner
    if isinstance(inner, list):
        return body, inner[0] if len(inner) == 1 and \
            isinstance(inner[0], str) else None
    for name in ("message", "Message", "detail"):
        if isinstance(body.get(name), str):
            return body, body[name]
    return body, None


def hints(body, message):
    """All text in which rule 29 a and b may look for the message."""
    if message is not None:
        return message
    if isinstance(body, dict) and isinstance(body.get("detail"), list):
        return " ".join(text_of(d.get("msg")) for d in dicts(body["detail"]))
    if isinstance(body, dict) and isinstance(body.get("error"), list):
        return " ".join(map(text_of, body["error"]))
    return ""


def error_words(parts, header=""):
    """The provider's own words in the order of rule 29 c."""
    words = [header.split(":")[0], parts.get("code"), parts.get("type"),
             parts.get("error_type"), parts.get("status"),
             obj(parts, "innererror").get("code")]
    words += [d.get("reason") for d in dicts(parts, "details")]
    words += [text_of(parts.get("__type")).split("#")[-1]]
    return [w for w in words if isinstance(w, str) and w]


def status_inside(parts):
    """Rule 29: with HTTP 200 the status named inside the error counts."""
    for name in ("code", "status_code"):
        value = parts.get(name)
        if isinstance(value, str) and re.fullmatch(r"[1-5]\d\d", value):
            value = int(value)
        if number(value) is not None and 300 <= value <= 599:
            return int(value)
    return None


def error_from(body, http_status, header="", more_words=()):
    """The error object for a JSON body, or an error inside a good reply."""
    parts, message = error_parts(body)
    status = http_status if http_status >= 300 else status_inside(parts)
    words = error_words(parts, header) + list(more_words)
    error = {"code": classify(status, words, hints(body, message)),
             "http_status": http_status}
    if message:
        error["message"] = message
    return error


def xml_error(text, http_status):
    """S3 (rule 29 c: XML Code)."""
    code, message = "", None
    try:
        for node in ElementTree.fromstring(text).iter():
            name = node.tag.split("}")[-1]
            if name == "Code" and not code:
                code = node.text or ""
            if name == "Message" and message is None:
                message = node.text
    except (ValueError, LookupError, ElementTree.ParseError):
        pass
    error = {"code": classify(http_status, [code] if code else [],
                              message or ""),
             "http_status": http_status}
    if message:
        error["message"] = message
    return error


def http_error(record, body):
    """The error of a reply whose status is not 2xx."""
    response = record["response"]
    headers = {k.lower(): v for k, v in (response.get("headers") or {}).items()}
    kind = headers.get("x-amzn-errortype", "")
    kind = kind[0] if isinstance(kind, list) and kind else text_of(kind)
    status = response["status"]
    try:
        return error_from(loads(body), status, kind)
    except NotJson:
        pass
    if body.lstrip().startswith(b"<?xml") or b"<Error>" in body:
        return xml_error(body.decode("utf-8", "replace"), status)
    said = body.decode("utf-8", "replace")
    return {"code": classify(status, [kind.split(":")[0]], said),
            "http_status": status}


# ----------------------------------------------------------------- the reply

class Reply:
    """What has arrived of one reply."""

    def __init__(self, status=200):
        self.status = status
        self.text, self.reasoning, self.refusal = [], [], []
        self.calls = []                  # each {"id","name","text"|"value"}
        self.raw = ""
        self.usage = {}
        self.model = ""
        self.error = None
        self.whole_at = None             # rule 24, offset in the body

    def whole(self, end):
        if self.whole_at is None:
            self.whole_at = end

    def named(self, model):
        if isinstance(model, str) and model:
            self.model = self.model or model

    def fail(self, error):
        self.error = self.error or error

    def broken(self):
        self.fail({"code": "protocol", "http_status": self.status})

    def truncated(self):
        self.fail({"code": "truncated", "http_status": self.status})

    def call(self, id=None, name="", text="", value=None):
        self.calls.append({"id": id, "name": text_of(name), "text": text,
                           "value": value})
        return self.calls[-1]

    def result(self):
        refusal = "".join(self.refusal)
        out = {"ok": self.error is None,
               "text": "".join(self.text),
               "reasoning": "".join(self.reasoning),
               "refusal": refusal,
               "usage": self.usage}
        if self.model:
            out["model_used"] = self.model
        if self.error:                   # rule 32: half a call is nobody's
            out["error"] = self.error
            return out
        calls = [finished_call(c) for c in self.calls]
        out["tool_calls"] = calls
        out["finish_reason"] = finish_reason(self.raw, calls, refusal)
        out["finish_reason_raw"] = self.raw
        return out


def finished_call(call):
    """Rule 12, for arguments that came as text or as a JSON value."""
    out = {"id": call["id"] if isinstance(call["id"], str) and call["id"]
           else None, "name": call["name"]}
    value = call["value"]
    if value is None and call["text"].strip():
        try:
            value = loads(call["text"])
        except NotJson:
            out["arguments_raw"] = call["text"]
            return out
    out["arguments"] = Obj([]) if value is None else value
    return out


def set_arguments(call, arguments):
    """Arguments come as text, or (some hosts) as the value itself."""
    if isinstance(arguments, str):
        call["text"] += arguments
    elif arguments is not None:
        call["value"] = arguments


def counts(**fields):
    """A usage object: absent fields out (18), parts cut to the whole (21)."""
    for part, whole in (("cache_read_tokens", "input_tokens"),
                        ("cache_write_tokens", "input_tokens"),
                        ("reasoning_tokens", "output_tokens")):
        if fields.get(part) is not None and fields.get(whole) is not None:
            fields[part] = min(fields[part], fields[whole])
    return {k: v for k, v in fields.items() if v is not None}


def json_events(reply, events, done=b"[DONE]"):
    """Objects of a stream: (object, end); rule 25 and 28 in one place.

    The end marker, where the protocol has one, comes as None.
    """
    for data, end, complete in events:
        if data.strip() == done:
            yield None, end
            continue
        try:
            value = loads(data)
        except NotJson:
            if complete:
                reply.broken()
            return
        if not isinstance(value, dict):
            reply.broken()
            return
        yield value, end


# --------------------------------------------------------- Chat Completions

def openai_usage(usage):
    """Rules 19 to 21."""
    prompt = number(usage.get("prompt_tokens"))
    completion = number(usage.get("completion_tokens"))
    details = obj(usage, "prompt_tokens_details")
    reasoning = first_number(
        obj(usage, "completion_tokens_details").get("reasoning_tokens"),
        usage.get("reasoning_tokens"))
    total = number(usage.get("total_tokens"))
    read = first_number(details.get("cached_tokens"),
                        usage.get("cached_tokens"),
                        usage.get("num_cached_tokens"),
                        usage.get("prompt_cache_hit_tokens"))
    write = first_number(details.get("cache_write_tokens"),
                         usage.get("cache_creation_input_tokens"))
    known = (prompt or 0) + (completion or 0)
    if reasoning is not None and reasoning > (completion or 0):  # rule 20
        completion = (completion or 0) + reasoning
    elif total is not None and (prompt is not None or completion is not None) \
            and total > known:
        if total - known == number(details.get("audio_tokens")):
            prompt = (prompt or 0) + total - known
        else:
            completion = (completion or 0) + total - known
    return counts(input_tokens=prompt, cache_read_tokens=read,
                  cache_write_tokens=write, output_tokens=completion,
                  reasoning_tokens=reasoning)


def openai_content(reply, content):
    """Rule 5."""
    if isinstance(content, str):
        reply.text.append(content)
    for part in dicts(content):
        if part.get("type") == "text":
            reply.text.append(text_of(part.get("text")))
        elif part.get("type") == "thinking":
            inner = part.get("thinking")
            reply.reasoning.append(text_of(inner))
            for piece in dicts(inner):
                reply.reasoning.append(text_of(piece.get("text")))


def openai_reasoning(message):
    """Rule 3: one of three, never two of them."""
    for name in ("reasoning", "reasoning_content"):
        if text_of(message.get(name)):
            return message[name]
    return "".join(text_of(d.get("text")) or text_of(d.get("summary"))
                   for d in dicts(message, "reasoning_details"))


def openai_message(reply, message):
    """What a message and a delta have in common."""
    reply.reasoning.append(openai_reasoning(message))
    openai_content(reply, message.get("content"))
    reply.refusal.append(text_of(message.get("refusal")))


def is_function(call):
    """Rule 10: custom tools are not reported."""
    return call.get("type") in (None, "", "function")


def choice_zero(choices):
    """Rule 2: the choice with index 0; an index that is missing is 0."""
    for choice in dicts(choices):
        if choice.get("index") in (0, None):
            return choice
    return None


def openai_failed(reply, d):
    """An error inside HTTP 200."""
    if d.get("error") or d.get("object") == "error":
        reply.fail(error_from(d, reply.status))
        return True
    return False


def openai_unary(reply, d):
    reply.named(obj(d).get("model"))
    if isinstance(d, dict) and openai_failed(reply, d):
        return
    if not isinstance(d, dict) or not isinstance(d.get("choices"), list):
        return reply.broken()            # rule 28
    reply.usage = openai_usage(obj(d, "usage"))
    choice = choice_zero(d["choices"]) or {}
    message = obj(choice, "message")
    reply.raw = text_of(choice.get("finish_reason"))
    openai_message(reply, message)
    for call in filter(is_function, dicts(message, "tool_calls")):
        function = obj(call, "function")
        made = reply.call(call.get("id"), function.get("name"))
        set_arguments(made, function.get("arguments"))


def openai_fragment(reply, slots, fragment):
    """Rule 13. `slots` maps an index to the call that it now means."""
    index, id = number(fragment.get("index")), text_of(fragment.get("id"))
    call = slots.get(index) if index is not None else None
    if call is None or (id and call["id"] and id != call["id"]):
        call = reply.call()
        call["function"] = is_function(fragment)
        if index is not None:
            slots[index] = call
    function = obj(fragment, "function")
    call["id"] = call["id"] or id
    call["name"] = call["name"] or text_of(function.get("name"))
    set_arguments(call, function.get("arguments"))


def openai_stream(reply, body):
    slots, groq = {}, {}
    for d, end in json_events(reply, sse(body)):
        if d is None:
            reply.whole(end)             # [DONE]
            continue
        reply.named(d.get("model"))
        if isinstance(d.get("usage"), dict):
            reply.usage = openai_usage(d["usage"])               # rule 22
        groq = obj(d, "x_groq", "usage") or groq
        openai_failed(reply, d)
        for choice in dicts(d, "choices"):
            if choice.get("index") not in (0, None) or reply.error:
                continue
            delta = obj(choice, "delta")                         # rule 8
            openai_message(reply, delta)
            for fragment in dicts(delta, "tool_calls"):
                openai_fragment(reply, slots, fragment)
            if text_of(choice.get("finish_reason")):
                reply.raw = choice["finish_reason"]
                reply.whole(end)
    if not reply.usage and groq:
        reply.usage = openai_usage(groq)
    reply.calls = [c for c in reply.calls if c.get("function", True)]


# ----------------------------------------------------------------- Responses

def responses_usage(usage):
    details = obj(usage, "input_tokens_details")
    return counts(
        input_tokens=number(usage.get("input_tokens")),
        cache_read_tokens=number(details.get("cached_tokens")),
        cache_write_tokens=number(details.get("cache_write_tokens")),
        output_tokens=number(usage.get("output_tokens")),
        reasoning_tokens=number(
            obj(usage, "output_tokens_details").get("reasoning_tokens")))


class ResponsesItems:
    """Text and calls of a Responses reply by their place in `output`.

    Rule 9: what came as deltas stands; what a later, whole form of the same
    piece says is used only where no delta came.
    """

    def __init__(self):
        # (item, field, (group, index)) -> [came as deltas, text]
        self.pieces = {}
        self.calls = {}                  # item -> call

    def delta(self, field, item, part, text):
        piece = self.pieces.setdefault((item, field, part), [True, ""])
        if not piece[0]:
            piece[:] = [True, ""]
        piece[1] += text

    def full(self, field, item, part, text):
        piece = self.pieces.setdefault((item, field, part), [False, ""])
        if not piece[0] or not piece[1]:
            piece[:] = [False, text]

    def nth(self, field, item, group, n, text):
        """The nth piece of an item told whole: hosts count parts their way."""
        known = sorted(p[2] for p in self.pieces
                       if p[:2] == (item, field) and p[2][0] == group)
        if n < len(known):
            self.full(field, item, known[n], text)
        else:
            self.full(field, item,
                      (group, known[-1][1] + 1 if known else 0), text)

    def call(self, item):
        return self.calls.setdefault(item, {"id": "", "name": "", "delta": "",
                                            "full": ""})

    def parts(self, place, field, group, texts):
        for n, text in enumerate(texts):
            self.nth(field, place, group, n, text_of(text))

    def item(self, place, item):
        """A whole item: of a unary reply, output_item.* or the last object."""
        kind = item.get("type")
        if kind == "message":
            for field, type in (("text", "output_text"),
                                ("refusal", "refusal")):
                self.parts(place, field, 0, [
                    p.get(field) for p in dicts(item, "content")
                    if p.get("type") == type])
        elif kind == "reasoning":        # rule 3
            self.parts(place, "reasoning", 0, [
                p.get("text") for p in dicts(item, "content")
                if p.get("type") == "reasoning_text"])
            self.parts(place, "reasoning", 1, [
                p.get("text") for p in dicts(item, "summary")])
        elif kind == "function_call":    # rule 10: no other item is a call
            call = self.call(place)
            call["id"] = text_of(item.get("call_id")) or call["id"]
            call["name"] = text_of(item.get("name")) or call["name"]
            call["full"] = text_of(item.get("arguments")) or call["full"]

    def give(self, reply):
        for place in sorted(self.pieces, key=lambda p: p[0]):
            # pieces of one item stay in the order in which they came
            getattr(reply, place[1]).append(self.pieces[place][1])
        for place in sorted(self.calls):
            call = self.calls[place]
            reply.call(call["id"], call["name"], call["delta"] or call["full"])


def responses_end(reply, items, response):
    """A whole response object: unary, or the last one of a stream."""
    reply.named(response.get("model"))
    for place, item in enumerate(arr(response, "output")):
        items.item(place, obj(item))
    reply.raw = text_of(obj(response, "incomplete_details").get("reason")) \
        or text_of(response.get("status"))                       # rule 15
    if isinstance(response.get("usage"), dict):
        reply.usage = responses_usage(response["usage"])
    if response.get("error") or response.get("status") == "failed":
        reply.fail(error_from(response, reply.status))           # rule 31


def responses_unary(reply, d):
    if isinstance(d, dict) and d.get("error") and "output" not in d:
        return reply.fail(error_from(d, reply.status))
    if not isinstance(d, dict) or not isinstance(d.get("output"), list):
        return reply.broken()
    items = ResponsesItems()
    responses_end(reply, items, d)
    items.give(reply)


RESPONSES_TEXT = {                       # event -> field, first part of place
    "response.output_text": ("text", 0),
    "response.refusal": ("refusal", 0),
    "response.reasoning_text": ("reasoning", 0),
    "response.reasoning_summary_text": ("reasoning", 1),
}


def responses_piece(items, kind, d):
    """…delta and ….done events of text, and of function arguments."""
    name, _, last = kind.rpartition(".")
    place = d.get("output_index")
    place = place if isinstance(place, int) else 0
    if name == "response.function_call_arguments":
        call = items.call(place)
        call["name"] = call["name"] or text_of(d.get("name"))
        if last == "delta":
            call["delta"] += text_of(d.get("delta"))
        elif last == "done":
            call["full"] = text_of(d.get("arguments"))
    elif name in RESPONSES_TEXT and last in ("delta", "done"):
        field, group = RESPONSES_TEXT[name]
        part = (group, number(
            d.get("summary_index" if group == 1 else "content_index")) or 0)
        if last == "delta":
            items.delta(field, place, part, text_of(d.get("delta")))
        else:
            full = d.get("refusal") if field == "refusal" else d.get("text")
            items.full(field, place, part, text_of(full))


def responses_stream(reply, body):
    items = ResponsesItems()
    for d, end in json_events(reply, sse(body)):
        kind = text_of(d.get("type")) if d else ""               # rule 27
        if kind in ("response.completed", "response.incomplete",
                    "response.failed"):
            responses_end(reply, items, obj(d, "response"))
            reply.whole(end)
        elif kind == "error" or (d and not kind and d.get("error")):
            nested = d if isinstance(d.get("error"), (dict, str)) else \
                {k: v for k, v in d.items() if k != "type"}      # flat form
            reply.fail(error_from(nested, reply.status))
        elif kind in ("response.output_item.added",
                      "response.output_item.done"):
            place = d.get("output_index")
            items.item(place if isinstance(place, int) else 0, obj(d, "item"))
        elif kind in ("response.created", "response.in_progress"):
            reply.named(obj(d, "response").get("model"))
        else:
            responses_piece(items, kind, d or {})
    items.give(reply)


# ----------------------------------------------------------------- Anthropic

def anthropic_usage(usage):
    """Rule 19: input_tokens leaves the cached ones out."""
    read = number(usage.get("cache_read_input_tokens"))
    write = number(usage.get("cache_creation_input_tokens"))
    return counts(
        input_tokens=add(number(usage.get("input_tokens")), read, write),
        cache_read_tokens=read, cache_write_tokens=write,
        output_tokens=number(usage.get("output_tokens")),
        reasoning_tokens=number(
            obj(usage, "output_tokens_details").get("thinking_tokens")))


def anthropic_block(reply, block):
    """A content block, or the start of one. The call that it opens, if any.

    Rules 7 and 10: blocks of every other type give nothing.
    """
    kind = block.get("type")
    if kind == "text":
        reply.text.append(text_of(block.get("text")))
    elif kind == "thinking":
        reply.reasoning.append(text_of(block.get("thinking")))
    elif kind == "tool_use":
        return reply.call(block.get("id"), block.get("name"),
                          value=block.get("input"))
    return None


def anthropic_unary(reply, d):
    if isinstance(d, dict) and (d.get("type") == "error" or d.get("error")):
        return reply.fail(error_from(d, reply.status))
    if not isinstance(d, dict) or not isinstance(d.get("content"), list):
        return reply.broken()
    reply.named(d.get("model"))
    reply.usage = anthropic_usage(obj(d, "usage"))
    reply.raw = text_of(d.get("stop_reason"))
    for block in dicts(d, "content"):
        anthropic_block(reply, block)


class AnthropicEvents:
    """The events of a Messages stream, whatever carries them."""

    def __init__(self, reply):
        self.reply, self.usage, self.open = reply, {}, {}

    def lay(self, usage):
        """Rule 22: member by member, null does not overwrite."""
        self.usage.update({k: v for k, v in usage.items() if v is not None})
        self.reply.usage = anthropic_usage(self.usage)

    def delta(self, index, delta):
        kind = delta.get("type")
        if kind == "text_delta":
            self.reply.text.append(text_of(delta.get("text")))
        elif kind == "thinking_delta":
            self.reply.reasoning.append(text_of(delta.get("thinking")))
        elif kind == "input_json_delta" and self.open.get(index) is not None:
            call = self.open[index]
            call["text"] += text_of(delta.get("partial_json"))
            if call["text"]:
                call["value"] = None     # the pieces replace the start's {}

    def event(self, d, end):
        reply, kind = self.reply, d.get("type")
        if kind == "message_start":
            message = obj(d, "message")
            reply.named(message.get("model"))
            self.lay(obj(message, "usage"))
            reply.raw = text_of(message.get("stop_reason")) or reply.raw
        elif kind == "content_block_start":
            self.open[number(d.get("index"))] = \
                anthropic_block(reply, obj(d, "content_block"))
        elif kind == "content_block_delta":
            self.delta(number(d.get("index")), obj(d, "delta"))
        elif kind == "message_delta":
            self.lay(obj(d, "usage"))
            reply.raw = text_of(obj(d, "delta").get("stop_reason")) or reply.raw
        elif kind == "message_stop":
            reply.whole(end)
        elif kind == "error" or (kind is None and d.get("error")):
            reply.fail(error_from(d, reply.status))


def anthropic_stream(reply, body):
    events = AnthropicEvents(reply)
    for d, end in json_events(reply, sse(body)):
        if d is not None:
            events.event(d, end)


# -------------------------------------------------------------------- Gemini

def gemini_usage(usage):
    thoughts = number(usage.get("thoughtsTokenCount"))
    return counts(
        input_tokens=add(number(usage.get("promptTokenCount")),
                         number(usage.get("toolUsePromptTokenCount"))),
        cache_read_tokens=number(usage.get("cachedContentTokenCount")),
        output_tokens=add(number(usage.get("candidatesTokenCount")), thoughts),
        reasoning_tokens=thoughts)


def gemini_part(reply, part):
    call = part.get("functionCall")
    if isinstance(call, dict):
        reply.call(call.get("id"), call.get("name"), value=call.get("args"))
    if isinstance(part.get("text"), str):
        thought = part.get("thought") is True                    # rule 3
        (reply.reasoning if thought else reply.text).append(part["text"])


def gemini_blocked(d):
    """Rule 30: the prompt is blocked, and there is no candidate."""
    return not arr(d, "candidates") and obj(d, "promptFeedback").get(
        "blockReason")


def gemini_object(reply, d, end=0):
    """A GenerateContentResponse: the whole reply, or a piece of a stream."""
    if d.get("error"):
        return reply.fail(error_from(d, reply.status))
    reply.named(d.get("modelVersion"))
    if isinstance(d.get("usageMetadata"), dict):
        reply.usage = gemini_usage(d["usageMetadata"])           # rule 22
    if gemini_blocked(d):
        error = {"code": "content_filter", "http_status": reply.status}
        said = text_of(obj(d, "promptFeedback").get("blockReasonMessage"))
        if said:
            error["message"] = said
        reply.fail(error)
    candidate = choice_zero(arr(d, "candidates"))
    if candidate is None or reply.error:
        return None
    for part in dicts(candidate, "content", "parts"):
        gemini_part(reply, part)
    if text_of(candidate.get("finishReason")):
        reply.raw = candidate["finishReason"]
        reply.whole(end)
    return None


def gemini_unary(reply, d):
    if isinstance(d, list) and len(d) == 1:
        d = d[0]
    if not isinstance(d, dict) or not (
            d.get("error") or "candidates" in d or "promptFeedback" in d
            or "usageMetadata" in d):
        return reply.broken()
    gemini_object(reply, d)


def gemini_stream(reply, body):
    if body.lstrip()[:1] == b"[":
        for d, end in json_events(reply, json_array(body), done=b"]"):
            if d is None:
                # rule 24: the closing bracket is wanted as well
                reply.whole_at = end if reply.whole_at is not None else None
                return
            gemini_object(reply, d, end)
        reply.whole_at = None
    else:
        for d, end in json_events(reply, sse(body)):
            if d is not None:
                gemini_object(reply, d, end)


# ---------------------------------------------------------- Bedrock Converse

def converse_usage(usage):
    read = first_number(usage.get("cacheReadInputTokens"),
                        usage.get("cacheReadInputTokenCount"))
    write = first_number(usage.get("cacheWriteInputTokens"),
                         usage.get("cacheWriteInputTokenCount"))
    return counts(
        input_tokens=add(number(usage.get("inputTokens")), read, write),
        cache_read_tokens=read, cache_write_tokens=write,
        output_tokens=number(usage.get("outputTokens")))


def converse_block(reply, block):
    reply.text.append(text_of(block.get("text")))
    reply.reasoning.append(text_of(
        obj(block, "reasoningContent", "reasoningText").get("text")))
    for piece in dicts(block, "citationsContent", "content"):
        reply.text.append(text_of(piece.get("text")))            # rule 7
    use = block.get("toolUse")
    if isinstance(use, dict) and use.get("type") != "server_tool_use":
        reply.call(use.get("toolUseId"), use.get("name"),
                   value=use.get("input"))                       # rule 10


def converse_unary(reply, d):
    message = obj(d, "output", "message")
    if not message:
        return reply.broken()
    reply.usage = converse_usage(obj(d, "usage"))
    reply.raw = text_of(d.get("stopReason"))
    for block in dicts(message, "content"):
        converse_block(reply, block)


def frame_failed(reply, headers, payload):
    """In-stream failures of the event stream."""
    kind = headers.get(":message-type")
    if kind == "exception":
        try:
            body = loads(payload)
        except NotJson:
            body = {}
        reply.fail(error_from(body, reply.status, more_words=[
            headers.get(":exception-type", "")]))
    elif kind == "error":
        reply.fail(error_from({"message": headers.get(":error-message", "")},
                              reply.status,
                              more_words=[headers.get(":error-code", "")]))
    return kind in ("exception", "error")


def frame_objects(reply, body):
    """(event type, JSON object, end) of each good event frame."""
    for headers, payload, end in frames(body):
        if headers is None:
            return reply.broken()                                # rule 28
        if frame_failed(reply, headers, payload):
            continue
        try:
            value = loads(payload) if payload else Obj([])
        except NotJson:
            return reply.broken()
        yield headers.get(":event-type", ""), obj(value), end
    return None


def converse_stream(reply, body):
    begun = {}
    for kind, d, end in frame_objects(reply, body):
        index = number(d.get("contentBlockIndex"))
        if kind == "contentBlockStart":
            use = obj(d, "start", "toolUse")
            begun[index] = None
            if use and use.get("type") != "server_tool_use":
                begun[index] = reply.call(use.get("toolUseId"), use.get("name"))
        elif kind == "contentBlockDelta":
            delta = obj(d, "delta")
            reply.text.append(text_of(delta.get("text")))
            reply.reasoning.append(text_of(
                obj(delta, "reasoningContent").get("text")))
            if begun.get(index) is not None:
                set_arguments(begun[index], obj(delta, "toolUse").get("input"))
        elif kind == "messageStop":
            reply.raw = text_of(d.get("stopReason"))
            reply.whole(end)
        elif kind == "metadata":
            reply.usage = converse_usage(obj(d, "usage"))


# ------------------------------------------------------- Bedrock InvokeModel

def chunk_events(reply, body):
    """The vendor's own events inside the frames: (object, end)."""
    for kind, d, end in frame_objects(reply, body):
        if kind != "chunk":
            continue
        try:
            value = loads(base64.b64decode(text_of(d.get("bytes"))))
        except (NotJson, ValueError):
            reply.broken()
            return
        yield obj(value), end


def invoke_stream(reply, body):
    events = AnthropicEvents(reply)
    for d, end in chunk_events(reply, body):
        events.event(d, end)


# -------------------------------------------------------------------- Ollama

def ollama_object(reply, d, end=0):
    if d.get("error"):
        return reply.fail(error_from(d, reply.status))
    reply.named(d.get("model"))
    message = obj(d, "message")
    reply.text.append(text_of(message.get("content")))
    reply.reasoning.append(text_of(message.get("thinking")))
    for call in dicts(message, "tool_calls"):
        function = obj(call, "function")
        made = reply.call(call.get("id"), function.get("name"))
        set_arguments(made, function.get("arguments"))
    if d.get("done") is True:
        reply.raw = text_of(d.get("done_reason"))
        reply.usage = counts(input_tokens=number(d.get("prompt_eval_count")),
                             output_tokens=number(d.get("eval_count")))
        reply.whole(end)
    return None


def ollama_unary(reply, d):
    if not isinstance(d, dict) or not (d.get("error") or "message" in d):
        return reply.broken()
    ollama_object(reply, d)


def ollama_stream(reply, body):
    for d, end in json_events(reply, ndjson(body)):
        if d is not None:
            ollama_object(reply, d, end)


# ----------------------------------------------------------------- Cohere v2

def cohere_usage(usage):
    tokens = obj(usage, "tokens")
    return counts(
        input_tokens=add(number(tokens.get("input_tokens")),
                         number(tokens.get("image_tokens"))),
        cache_read_tokens=number(usage.get("cached_tokens")),
        output_tokens=number(tokens.get("output_tokens")),
        reasoning_tokens=number(tokens.get("reasoning_tokens")))


def cohere_content(reply, part):
    reply.text.append(text_of(part.get("text")))
    reply.reasoning.append(text_of(part.get("thinking")))


def cohere_end(reply, raw, error=None):
    """Rule 31."""
    reply.raw = text_of(raw)
    if reply.raw in ("ERROR", "TIMEOUT"):
        failed = {"code": "server" if reply.raw == "ERROR" else "timeout",
                  "http_status": reply.status}
        if text_of(error):
            failed["message"] = error
        reply.fail(failed)


def cohere_unary(reply, d):
    message = d.get("message") if isinstance(d, dict) else None
    if not isinstance(message, dict):
        return reply.broken()
    reply.usage = cohere_usage(obj(d, "usage"))
    reply.reasoning.append(text_of(message.get("tool_plan")))
    content = message.get("content")
    reply.text.append(text_of(content))
    for part in dicts(content):
        cohere_content(reply, part)
    for call in filter(is_function, dicts(message, "tool_calls")):
        function = obj(call, "function")
        made = reply.call(call.get("id"), function.get("name"))
        set_arguments(made, function.get("arguments"))
    cohere_end(reply, d.get("finish_reason"), d.get("error"))


def cohere_event(reply, begun, d, end):
    kind, index = d.get("type"), number(d.get("index"))
    delta = obj(d, "delta")
    message = obj(delta, "message")
    call = obj(message, "tool_calls")
    if kind in ("content-start", "content-delta"):
        cohere_content(reply, obj(message, "content"))
    elif kind == "tool-plan-delta":
        reply.reasoning.append(text_of(message.get("tool_plan")))
    elif kind == "tool-call-start":
        begun[index] = reply.call(call.get("id"),
                                 obj(call, "function").get("name"))
        set_arguments(begun[index], obj(call, "function").get("arguments"))
    elif kind == "tool-call-delta" and index in begun:
        set_arguments(begun[index], obj(call, "function").get("arguments"))
    elif kind == "message-end":
        reply.usage = cohere_usage(obj(delta, "usage"))
        cohere_end(reply, delta.get("finish_reason"), delta.get("error"))
        reply.whole(end)
    elif kind is None and (d.get("error") or d.get("message")):
        reply.fail(error_from(d, reply.status))


def cohere_stream(reply, body):
    begun = {}
    for d, end in json_events(reply, sse(body)):
        if d is not None:
            cohere_event(reply, begun, d, end)


# ---------------------------------------------------------------- Embeddings

def vector(value):
    """A list of numbers, or base64 of little-endian float32 (rule 33)."""
    if isinstance(value, str):
        raw = base64.b64decode(value, validate=True)
        if len(raw) % 4:
            raise ValueError("not float32")
        return list(struct.unpack("<%df" % (len(raw) // 4), raw))
    if isinstance(value, list) and all(
            number(v) is not None for v in value):
        return value
    raise ValueError("not a vector")


def openai_embeddings(d):
    rows = dicts(d, "data")
    if not isinstance(obj(d).get("data"), list):
        raise ValueError("no data")
    rows = sorted(rows, key=lambda r: number(r.get("index")) or 0)
    usage = obj(d, "usage")
    return [vector(r.get("embedding")) for r in rows], first_number(
        usage.get("prompt_tokens"), usage.get("total_tokens"))


def gemini_embeddings(d):
    rows = dicts(d, "embeddings") or [obj(d, "embedding")]
    return [vector(r.get("values")) for r in rows], number(
        obj(d, "usageMetadata").get("promptTokenCount"))


def vertex_embeddings(d):
    return [vector(obj(p, "embeddings").get("values"))
            for p in dicts(d, "predictions")], None


def cohere_embeddings(d):
    found = obj(d).get("embeddings")
    if isinstance(found, dict):
        found = found.get("float") if "float" in found \
            else found.get("base64")
    if not isinstance(found, list):
        raise ValueError("no float embeddings")
    return [vector(v) for v in found], number(
        obj(d, "meta", "billed_units").get("input_tokens"))


def ollama_embeddings(d):
    rows = arr(d, "embeddings") or [obj(d).get("embedding")]
    return [vector(v) for v in rows], number(obj(d).get("prompt_eval_count"))


def titan_embeddings(d):
    return [vector(obj(d).get("embedding"))], number(
        obj(d).get("inputTextTokenCount"))


def huggingface_embeddings(d):
    if isinstance(d, list) and d and not isinstance(d[0], list):
        d = [d]
    if not isinstance(d, list):
        raise ValueError("no array")
    return [vector(v) for v in d], None


EMBEDDINGS = {
    "embed:openai": openai_embeddings, "embed:gemini": gemini_embeddings,
    "embed:vertex": vertex_embeddings, "embed:cohere": cohere_embeddings,
    "embed:ollama": ollama_embeddings, "embed:titan": titan_embeddings,
    "huggingface": huggingface_embeddings,
}


def embeddings(kind, d, status):
    if isinstance(d, dict) and d.get("error"):
        return {"ok": False, "error": error_from(d, status)}
    try:
        vectors, tokens = EMBEDDINGS[kind](d)
    except (ValueError, binascii.Error):
        return {"ok": False, "error": {"code": "protocol",
                                       "http_status": status}}
    out = {"ok": True, "embeddings": vectors,
           "usage": counts(input_tokens=tokens)}                 # rule 23
    if text_of(obj(d).get("model")):
        out["model_used"] = d["model"]
    return out


# ---------------------------------------------- transcripts, counts, models

def transcript_stream(reply, body):
    """Deltas; the last event adds what was not sent as one."""
    for d, end in json_events(reply, sse(body)):
        kind = d.get("type") if d else None
        if kind == "transcript.text.delta":
            reply.text.append(text_of(d.get("delta")))
        elif kind == "transcript.text.done":
            if not "".join(reply.text):
                reply.text.append(text_of(d.get("text")))
            reply.whole(end)
        elif d and (kind == "error" or d.get("error")):
            reply.fail(error_from(d, reply.status))


def token_count(d):
    found = first_number(obj(d).get("input_tokens"), obj(d).get("inputTokens"),
                         obj(d).get("totalTokens"))
    if found is None:
        raise ValueError("no count")
    return {"tokens": found}


def model_names(d):
    """OpenAI and Anthropic `data[].id`; Gemini, Cohere, Ollama `models[].name`."""
    rows = model_rows(d)
    if rows is None:
        raise ValueError("no list")
    names = []
    for row in rows:
        name = text_of(row.get("id")) or text_of(row.get("name")) \
            or text_of(row.get("model"))
        names.append(name[7:] if name.startswith("models/") else name)
    return {"models": names}


def model_rows(d):
    for rows in (obj(d).get("data"), obj(d).get("models"), d):
        if isinstance(rows, list):
            return dicts(rows)
    return None


def transcript(d):
    if not isinstance(obj(d).get("text"), str):
        raise ValueError("no text")
    return {"text": d["text"]}


# ----------------------------------------------------------------------- AWS

def value_of(raw):
    """Rule 33: text, or base64 where the bytes are not UTF-8."""
    try:
        return {"value": raw.decode("utf-8")}
    except UnicodeDecodeError:
        return {"value_b64": base64.b64encode(raw).decode("ascii")}


def parameter(d):
    value = obj(d, "Parameter").get("Value")
    if not isinstance(value, str):
        raise ValueError("no value")
    return {"value": value}


def secret(d):
    if isinstance(obj(d).get("SecretString"), str):
        return {"value": d["SecretString"]}
    return value_of(base64.b64decode(text_of(obj(d)["SecretBinary"]),
                                     validate=True))


def object_list(body):
    """ListObjectsV2; the XML parser decodes the entities."""
    root = ElementTree.fromstring(body)
    if root.tag.split("}")[-1] != "ListBucketResult":
        raise ValueError("no list")
    out = {"keys": [], "prefixes": []}
    for node in root:
        name = node.tag.split("}")[-1]
        for inner in node:
            if (name, inner.tag.split("}")[-1]) == ("Contents", "Key"):
                out["keys"].append(inner.text or "")
            if (name, inner.tag.split("}")[-1]) == ("CommonPrefixes",
                                                    "Prefix"):
                out["prefixes"].append(inner.text or "")
        if name == "NextContinuationToken" and node.text:
            out["next_token"] = node.text
    return out


# ------------------------------------------------------------- what is what

OPERATIONS = {
    "chat_completions": "openai", "responses": "openai_responses",
    "messages": "anthropic", "raw_predict": "anthropic",
    "generate_content": "gemini", "stream_generate_content": "gemini",
    "converse": "bedrock", "converse_stream": "bedrock",
    "invoke": "bedrock_invoke", "invoke_stream": "bedrock_invoke",
    "chat_v2": "cohere", "api_chat": "ollama",
    "feature_extraction": "huggingface",
    "embeddings": "embed:openai", "batch_embed_contents": "embed:gemini",
    "embed_content": "embed:gemini", "predict": "embed:vertex",
    "embed_v2": "embed:cohere", "api_embed": "embed:ollama",
    "api_embeddings": "embed:ollama",
    "audio_transcriptions": "transcribe",
    "count_tokens": "count", "responses_input_tokens": "count",
    "models": "models", "api_tags": "models",
    "s3_get_object": "aws:s3_get", "s3_list_objects_v2": "aws:s3_list",
    "GetParameter": "aws:ssm", "GetSecretValue": "aws:secret",
}

UNARY = {"openai": openai_unary, "openai_responses": responses_unary,
         "anthropic": anthropic_unary, "gemini": gemini_unary,
         "bedrock": converse_unary, "cohere": cohere_unary,
         "ollama": ollama_unary, "bedrock_invoke": anthropic_unary}
STREAM = {"openai": openai_stream, "openai_responses": responses_stream,
          "anthropic": anthropic_stream, "gemini": gemini_stream,
          "bedrock": converse_stream, "cohere": cohere_stream,
          "ollama": ollama_stream, "bedrock_invoke": invoke_stream,
          "transcribe": transcript_stream}
SIMPLE = {"transcribe": transcript, "count": token_count,
          "models": model_names, "aws:ssm": parameter, "aws:secret": secret}


def body_of(record):
    """The response's bytes."""
    response = record["response"]
    if response.get("body_b64") is not None:
        return base64.b64decode(response["body_b64"])
    return (response.get("body_text") or "").encode("utf-8", "surrogatepass")


def good(record):
    return 200 <= record["response"]["status"] < 300


def decoded(body):
    """The body as JSON, None where it is none."""
    try:
        return loads(body)
    except NotJson:
        return None


def first_chunk(body):
    """The first vendor event of an invoke stream, None where none came."""
    return next((d for d, _ in chunk_events(Reply(), body)), None)


def invoke_dialect(record):
    """Rule 34: whose body it is shows in the body, and else in the model."""
    if not good(record):
        return "bedrock_invoke"          # the error is Bedrock's own
    body = body_of(record)
    url = text_of((record.get("request") or {}).get("url"))
    if record.get("stream"):
        first = first_chunk(body)
        return "bedrock_invoke" if first is None \
            or first.get("type") == "message_start" else None
    d = decoded(body)
    if obj(d).get("type") == "message":
        return "bedrock_invoke"
    if isinstance(obj(d).get("embedding"), list) and "inputTextTokenCount" in d:
        return "embed:titan"
    if "cohere.embed" in url or text_of(obj(d).get("response_type")) \
            .startswith("embeddings"):
        return "embed:cohere"
    return None


def chat_out_of_scope(record, body):
    """Rule 14 (old function_call) and rule 36 (two replies in one body)."""
    if not record.get("stream"):
        choices = [obj(c, "message") for c in dicts(decoded(body), "choices")]
        return any(obj(m, "function_call").get("name") for m in choices)
    ids, ended, joined = set(), False, False
    for d, _ in json_events(Reply(), sse(body)):
        for choice in dicts(d or {}, "choices"):
            delta = obj(choice, "delta")
            if obj(delta, "function_call").get("name"):
                return True
            if choice.get("index") in (0, None):
                given = delta.get("content") or delta.get("tool_calls")
                joined |= bool(ended and given and text_of(d.get("id"))
                               and d["id"] not in ids)
                ended |= bool(choice.get("finish_reason"))
        ids.add(text_of((d or {}).get("id")))
    return joined


def anthropic_out_of_scope(record, body):
    """Rule 36: two replies in one body."""
    if not record.get("stream"):
        return False
    starts = [d for d, _ in json_events(Reply(), sse(body))
              if d and d.get("type") == "message_start"]
    return len(starts) > 1


def gemini_out_of_scope(record, body):
    """Rule 14: enums as numbers, and calls streamed by path."""
    if not record.get("stream"):
        d = decoded(body)
        objects = d if isinstance(d, list) else [d]
    else:
        array = body.lstrip()[:1] == b"["
        objects = [d for d, _ in json_events(
            Reply(), json_array(body) if array else sse(body), b"]")]
    for candidate in (c for d in objects for c in dicts(d, "candidates")):
        if number(candidate.get("finishReason")) is not None:
            return True
        if any(obj(p, "functionCall").get("partialArgs") is not None
               for p in dicts(candidate, "content", "parts")):
            return True
    return False


def responses_out_of_scope(record, body):
    """Rule 36: background jobs."""
    d = decoded(body) if not record.get("stream") else None
    return obj(d).get("status") in ("queued", "in_progress") \
        or obj((record.get("request") or {}).get("body")).get("background") \
        is True


def other_protocol(kind, record, body):
    """Rule 36: the body contradicts the operation of the record."""
    if record.get("stream"):
        first = next((d for d, _ in json_events(Reply(), sse(body)) if d), {})
    else:
        first = obj(decoded(body))
    chat = text_of(first.get("object")).startswith("chat.completion")
    responses = first.get("object") == "response" \
        or text_of(first.get("type")).startswith("response.")
    return chat if kind == "openai_responses" else responses


def out_of_scope(kind, record):
    """What only the body tells of rules 14 and 36."""
    body = body_of(record)
    if kind in ("openai", "openai_responses") \
            and other_protocol(kind, record, body):
        return True
    if kind == "openai":
        return chat_out_of_scope(record, body)
    if kind == "openai_responses":
        return responses_out_of_scope(record, body)
    if kind == "anthropic":
        return anthropic_out_of_scope(record, body)
    if kind == "gemini":
        return gemini_out_of_scope(record, body)
    if kind == "embed:vertex":           # predict makes images as well
        return not any(isinstance(p.get("embeddings"), dict)
                       for p in dicts(decoded(body), "predictions"))
    if kind == "models":                 # rule 33 knows lists of models only
        return model_rows(decoded(body)) is None
    return record["response"]["status"] == 206


def dialect(record):
    """Rule 35: by operation, provider, stream and status."""
    operation = record["operation"]
    kind = OPERATIONS.get(operation)
    if operation == "chat_v1" and record["provider"] != "cohere":
        kind = "openai"                  # Writer's /v1/chat; Cohere v1 is out
    if kind == "bedrock_invoke":
        return invoke_dialect(record)
    if kind and good(record) and out_of_scope(kind, record):
        return None
    return kind


# ----------------------------------------------------------------- the doors

def stream_reply(kind, record, body):
    reply = Reply(record["response"]["status"])
    STREAM[kind](reply, body)
    if reply.error is None and reply.whole_at is None:
        whole = decoded(body)            # a 200 that is no stream (rule 28)
        if isinstance(whole, dict) and whole.get("error"):
            reply.fail(error_from(whole, reply.status))
        elif whole is not None and kind != "ollama" and not (
                kind == "gemini" and isinstance(whole, list)):
            reply.broken()
        else:
            reply.truncated()            # rule 25
    return reply


def simple(read_it, value, status):
    if isinstance(value, dict) and value.get("error"):
        return {"ok": False, "error": error_from(value, status)}
    try:
        return dict({"ok": True}, **read_it(value))
    except (ValueError, LookupError, ElementTree.ParseError):
        return {"ok": False, "error": {"code": "protocol",
                                       "http_status": status}}


def unary(kind, body, status):
    if kind == "aws:s3_get":
        return dict({"ok": True}, **value_of(body))
    if kind == "aws:s3_list":
        return simple(object_list, body, status)
    try:
        value = loads(body)
    except NotJson:
        return {"ok": False, "error": {"code": "protocol",
                                       "http_status": status}}
    if kind in EMBEDDINGS:
        return embeddings(kind, value, status)
    if kind in SIMPLE:
        return simple(SIMPLE[kind], value, status)
    reply = Reply(status)
    UNARY[kind](reply, value)
    return reply.result()


def read(record, body=None):
    """The Response for one interaction; `body` stands for its own bytes."""
    kind = dialect(record)
    if kind is None:
        return None
    body = body_of(record) if body is None else body
    status = record["response"]["status"]
    if not good(record):
        out = {"ok": False, "error": http_error(record, body)}
    elif record.get("stream") and kind in STREAM:
        out = stream_reply(kind, record, body).result()
        if kind == "transcribe":
            out = {k: out[k] for k in ("ok", "text", "error") if k in out}
    else:
        out = unary(kind, body, status)
    return dict({"id": record["id"]}, **out)


def terminal_offset(record):
    """Where the body of a stream becomes whole (rules 24 and 25).

    Every cut strictly before it is `truncated`, or the stream's own error.
    A stream that never becomes whole gives its length.
    """
    kind = dialect(record)
    if kind not in STREAM or not record.get("stream") or not good(record):
        return None
    body = body_of(record)
    reply = stream_reply(kind, record, body)
    return len(body) if reply.whole_at is None else reply.whole_at


if __name__ == "__main__":
    for path in sys.argv[1:]:
        with open(path, encoding="utf-8") as file:
            print(json.dumps(read(json.load(file)), ensure_ascii=False))
