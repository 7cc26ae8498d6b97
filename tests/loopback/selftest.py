"""selftest.py BUILD-DIR - drives the loopback server (see selftest.sh): raw sockets and the curl command, one assertion a line."""
import base64, binascii, email.utils, hashlib, hmac, json, os, resource, selectors, shutil, socket, ssl, struct, subprocess, sys, time

OUT = sys.argv[1]
passed, failed, skipped = 0, 0, 0


def check(name, ok, seen=""):
    global passed, failed
    if ok:
        passed += 1
        return
    failed += 1
    print("FAILED", name, repr(seen)[:600])


def skip(name, why):
    global skipped
    skipped += 1
    print("skipped", name + ":", why)


class Server:
    """A server of its own, that ends with its stdin."""

    def __init__(self, program, *args):
        self.p = subprocess.Popen([os.path.join(OUT, program), "--until-eof", "--max-seconds", "240", *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        words = self.p.stdout.readline().split()
        self.port = int(words[1])
        self.tls_port = int(words[2]) if len(words) > 2 else None

    def end(self):
        self.p.stdin.close()
        return self.p.wait(20)


class Reply:
    """What came back: status, headers, body (dechunked), chunks, raw bytes of the body, how it ended: whole, eof, reset, timeout."""

    def __init__(self):
        self.status, self.headers, self.trailers, self.ended = 0, {}, {}, ""
        self.head, self.body, self.raw, self.chunks, self.pieces = b"", b"", b"", [], []

    @property
    def text(self):
        return self.body.decode("utf-8", "replace")

    @property
    def json(self):
        try:
            return json.loads(self.body)
        except ValueError:
            return None


class Wire:
    """One connection; reads reply after reply."""

    def __init__(self, server, host="127.0.0.1", tls=None):
        self.s = socket.create_connection((host, server.tls_port if tls else server.port), timeout=5)
        if tls:
            self.s = tls.wrap_socket(self.s, server_hostname=host, suppress_ragged_eofs=False)
        self.buf, self.eof, self.host = b"", "", host
        self.reads = []

    def send(self, data):
        self.s.sendall(data)

    def more(self):
        try:
            d = self.s.recv(65536)
        except ConnectionResetError:
            d, self.eof = b"", "reset"
        except (TimeoutError, socket.timeout):
            d, self.eof = b"", "timeout"
        except ssl.SSLEOFError:
            d, self.eof = b"", "cut"
        self.buf += d
        if d:
            self.reads.append(len(d))
        if not d and not self.eof:
            self.eof = "eof"
        return bool(d)

    def until(self, mark):
        while mark not in self.buf:
            if not self.more():
                return None
        at = self.buf.index(mark) + len(mark)
        got, self.buf = self.buf[:at], self.buf[at:]
        return got

    def take(self, n):
        while len(self.buf) < n and self.more():
            pass
        got, self.buf = self.buf[:n], self.buf[n:]
        return got

    def read(self):
        r = Reply()
        while True:
            head = self.until(b"\r\n\r\n")
            if head is None:
                r.head, r.ended = self.buf, self.eof
                return r
            r.head = head
            lines = head[:-4].split(b"\r\n")
            r.status = int(lines[0].split()[1])
            if r.status >= 200:
                break
            r.pieces.append(r.status)
        for l in lines[1:]:
            k, v = l.split(b":", 1)
            r.headers.setdefault(k.decode().lower(), v.strip().decode("latin-1"))
        r.ended = "whole"
        if "chunked" in r.headers.get("transfer-encoding", ""):
            self.read_chunks(r)
        elif "content-length" in r.headers:
            n = int(r.headers["content-length"])
            r.raw = r.body = self.take(n)
            if len(r.body) < n:
                r.ended = self.eof
        else:
            while self.more():
                pass
            r.raw, self.buf = self.buf, b""
            r.body, r.ended = r.raw, self.eof
        return r

    def read_chunks(self, r):
        while True:
            size = self.until(b"\r\n")
            if size is None:
                r.ended = self.eof
                return
            n = int(size, 16)
            if n == 0:
                while True:
                    l = self.until(b"\r\n")
                    if l in (None, b"\r\n"):
                        return
                    k, v = l.decode().split(":", 1)
                    r.trailers[k] = v.strip()
            data = self.take(n)
            r.body += data
            if len(data) < n or self.take(2) != b"\r\n":
                r.ended = self.eof or "bad"
                return
            r.chunks.append(data)

    def close(self):
        self.s.close()


KEY = {"Authorization": "Bearer sk-test", "Content-Type": "application/json"}
ANT = {"x-api-key": "sk-ant", "anthropic-version": "2023-06-01", "Content-Type": "application/json"}


def request(path, body, headers, method="POST", host="127.0.0.1"):
    data = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else b""
    h = {"Host": host, **headers}
    if method == "POST":
        h.setdefault("Content-Length", str(len(data)))
    return ("%s %s HTTP/1.1\r\n" % (method, path) + "".join("%s: %s\r\n" % kv for kv in h.items()) + "\r\n").encode() + data


def ask(path, body=None, headers=KEY, method="POST", timeout=5, wire=None):
    w = wire or Wire(S)
    w.s.settimeout(timeout)
    w.send(request(path, body, headers, method))
    r = w.read()
    r.wire = w
    if not wire:
        w.close()
    return r


def get(path, headers={}):
    return ask(path, None, headers, "GET").json


def user(text, **more):
    return {"model": "gpt-4o", "messages": [{"role": "user", "content": text}], **more}


def claude(text, **more):
    return {"model": "claude-sonnet-4-5", "max_tokens": 500, "messages": [{"role": "user", "content": text}], **more}


def llama(text, **more):
    return {"model": "llama3.2", "messages": [{"role": "user", "content": text}], **more}


CHAT, MESSAGES, OLLAMA = "/v1/chat/completions", "/v1/messages", "/api/chat"
DIALECTS = [("openai", CHAT, user, KEY), ("anthropic", MESSAGES, claude, ANT), ("ollama", OLLAMA, llama, {"Content-Type": "application/json"})]
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}, "required": ["city", "days"], "additionalProperties": False}
TOOL = {"type": "function", "function": {"name": "weather", "description": "d", "parameters": SCHEMA}}
ANT_TOOL = {"name": "weather", "description": "d", "input_schema": SCHEMA}
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n123").decode()


def sse(body):
    """The (event, data) pairs of a stream; a comment is (':', text)."""
    out = []
    for block in body.replace(b"\r\n", b"\n").split(b"\n\n"):
        e, d = None, []
        for l in block.split(b"\n"):
            if l.startswith(b":"):
                out.append((":", l[1:].decode()))
            if l.startswith(b"event: "):
                e = l[7:].decode()
            if l.startswith(b"data: "):
                d.append(l[6:].decode())
        if d:
            out.append((e, "\n".join(d)))
    return out


def stream_of(dialect, r):
    """Text, reasoning, calls, finish, usage, number of text events of a stream, read as a client would."""
    text, reasoning, calls, finish, usage, n, order = "", "", {}, None, None, 0, []
    if dialect == "openai":
        events = sse(r.body)
        for _, d in events:
            if d == "[DONE]":
                order.append("[DONE]")
                continue
            j = json.loads(d)
            usage = j.get("usage") or usage
            for c in j["choices"]:
                if c["index"]:
                    continue
                delta = c["delta"]
                text += delta.get("content") or ""
                n += bool(delta.get("content"))
                reasoning += delta.get("reasoning_content") or ""
                for t in delta.get("tool_calls", []):
                    k = calls.setdefault(t["index"], {"id": t.get("id"), "name": t["function"].get("name"), "args": "", "pieces": 0})
                    k["args"] += t["function"]["arguments"]
                    k["pieces"] += 1
                finish = c["finish_reason"] or finish
            order.append("usage" if not j["choices"] else "chunk")
    elif dialect == "anthropic":
        for e, d in sse(r.body):
            j = json.loads(d)
            check("event name is the type", e == j["type"], (e, d))
            order.append(e)
            if e == "message_start":
                usage = j["message"]["usage"]
            if e == "content_block_start" and j["content_block"]["type"] == "tool_use":
                calls[j["index"]] = {"id": j["content_block"]["id"], "name": j["content_block"]["name"], "args": "", "pieces": 0}
            if e == "content_block_start" and j["content_block"]["type"] == "redacted_thinking":
                order.append(j["content_block"]["data"])
            if e == "content_block_delta":
                t = j["delta"]
                text += t.get("text", "")
                n += t["type"] == "text_delta"
                reasoning += t.get("thinking", "")
                if t["type"] == "signature_delta":
                    order.append(t["signature"])
                if t["type"] == "input_json_delta":
                    calls[j["index"]]["args"] += t["partial_json"]
                    calls[j["index"]]["pieces"] += 1
            if e == "message_delta":
                finish, usage = j["delta"]["stop_reason"], {**usage, **j["usage"]}
    else:
        for l in r.body.splitlines():
            if not l:
                continue
            j = json.loads(l)
            order.append("done" if j["done"] else "line")
            m = j["message"]
            text += m["content"]
            n += bool(m["content"])
            reasoning += m.get("thinking", "")
            for t in m.get("tool_calls", []):
                calls[len(calls)] = {"id": t["id"], "name": t["function"]["name"], "args": json.dumps(t["function"]["arguments"]), "pieces": 1}
            if j["done"]:
                finish, usage = j["done_reason"], j
    return {"text": text, "reasoning": reasoning, "calls": list(calls.values()), "finish": finish, "usage": usage, "n": n, "order": order}


def unary_of(dialect, r):
    j = r.json
    if dialect == "openai":
        m = j["choices"][0]["message"]
        return m["content"], m.get("reasoning_content"), [(c["function"]["name"], json.loads(c["function"]["arguments"])) for c in m.get("tool_calls", [])], j["choices"][0]["finish_reason"]
    if dialect == "anthropic":
        part = lambda t: [b for b in j["content"] if b["type"] == t]
        return "".join(b["text"] for b in part("text")), "".join(b["thinking"] for b in part("thinking")), [(b["name"], b["input"]) for b in part("tool_use")], j["stop_reason"]
    m = j["message"]
    return m["content"], m.get("thinking"), [(c["function"]["name"], c["function"]["arguments"]) for c in m.get("tool_calls", [])], j["done_reason"]


# ---- each dialect --------------------------------------------------------------------------------------------------

def test_plain_and_stream():
    for name, path, make, head in DIALECTS:
        one = ask(path, make("tell me", stream=False), head)
        two = ask(path, make("tell me", stream=True, **({"stream_options": {"include_usage": True}} if name == "openai" else {})), head)
        s = stream_of(name, two)
        check(name + ": unary and stream say the same", one.status == 200 and unary_of(name, one)[0] == s["text"] and len(s["text"]) > 40, (one.text, s))
        check(name + ": many pieces", s["n"] > 8, s["n"])
        u = one.json.get("usage") or one.json
        words = len(s["text"].split())
        counted = {"openai": lambda v: (v["prompt_tokens"], v["completion_tokens"]), "anthropic": lambda v: (v["input_tokens"], v["output_tokens"]),
                   "ollama": lambda v: (v["prompt_eval_count"], v["eval_count"])}[name]
        check(name + ": usage counts words", counted(u) == (2, words) and counted(s["usage"]) == (2, words), (u, s["usage"]))
        check(name + ": finish", s["finish"] == unary_of(name, one)[3] in ("stop", "end_turn"), s["finish"])
        check(name + ": types", one.headers["content-type"].startswith("application/json") and two.headers["content-type"].startswith("application/x-ndjson" if name == "ollama" else "text/event-stream"))
        echo = ask(path, make("echo: h\u00e9llo \"w\u00f6rld\" \\ \U0001f600\n2", stream=False), head)
        check(name + ": echo", unary_of(name, echo)[0] == "echo: h\u00e9llo \"w\u00f6rld\" \\ \U0001f600\n2", echo.text)
        n = stream_of(name, ask("/n50" + path, make("go", stream=True), head))
        check(name + ": n50", n["n"] == 50 and len(n["text"].split()) == 50, n["n"])
        n = stream_of(name, ask(path, make("echo: 0123456789 [[n:4]]", stream=True), head))
        check(name + ": [[n:4]]", n["n"] == 4 and n["text"] == "echo: 0123456789", n)


def test_responses():
    """The Responses API: both forms say the same, sealed reasoning must come back as it was, what the service refuses is refused."""
    path, tool = "/v1/responses", {"type": "function", "name": "weather", "parameters": SCHEMA, "strict": True}

    def say(items, model="gpt-5.5", **more):
        return {"model": model, "input": items, "store": False, "include": ["reasoning.encrypted_content"], "reasoning": {"effort": "low", "summary": "auto"}, **more}

    one, two = ask(path, say("tell me")), ask(path, say("tell me", stream=True))
    events = [(e, json.loads(d)) for e, d in sse(two.body)]
    last = events[-1][1]
    part = lambda kind: "".join(j["delta"] for e, j in events if e == kind)
    check("responses: event name is the type, numbers rise", all(e == j["type"] for e, j in events) and [j["sequence_number"] for _, j in events] == list(range(len(events))), events[:3])
    check("responses: the pieces are the whole", part("response.output_text.delta") == last["response"]["output"][1]["content"][0]["text"] == one.json["output"][1]["content"][0]["text"], one.text)
    check("responses: so is the summary", part("response.reasoning_summary_text.delta") == one.json["output"][0]["summary"][0]["text"] != "", one.text)
    check("responses: the end", last["type"] == "response.completed" and last["response"]["status"] == "completed" and last["response"]["usage"]["output_tokens_details"]["reasoning_tokens"] > 0, last)
    for stream in (False, True):
        r = ask(path, say("call weather {\"city\":\"Oslo\",\"days\":2}", tools=[tool], stream=stream))
        output = [json.loads(d) for _, d in sse(r.body)][-1]["response"]["output"] if stream else r.json["output"]
        thought, made = output
        args = "".join(json.loads(d)["delta"] for e, d in sse(r.body) if e == "response.function_call_arguments.delta") if stream else made["arguments"]
        check("responses: a call", json.loads(args) == {"city": "Oslo", "days": 2} and made["arguments"] == args, r.text)
        asked, result = {"role": "user", "content": "x"}, {"type": "function_call_output", "call_id": made["call_id"], "output": "cold"}
        bare = {k: made[k] for k in ("type", "call_id", "name", "arguments")}
        good = ask(path, say([asked, thought, bare, result], tools=[tool]))
        check("responses: goes on", good.status == 200 and good.json["output"][1]["content"][0]["text"] == "The tool said: cold", good.text)
        changed = json.loads(json.dumps(thought))
        changed["summary"][0]["text"] += "."
        for name, items in (("changed", [asked, changed, bare, result]), ("left out", [asked, bare, result]), ("loose", [asked, bare, result, thought]), ("without its code", [asked, {**thought, "encrypted_content": None}, bare, result]),
                            ("no output", [asked, thought, bare]), ("no call", [asked, result]), ("output_text of a user", [{"role": "user", "content": [{"type": "output_text", "text": "x"}]}])):
            bad = ask(path, say(items, tools=[tool]))
            check("responses: reasoning or items " + name, bad.status in (400, 404) and bad.json["error"]["type"] == "invalid_request_error", bad.text)
    for name, body, code in (("model", say("x", model="no-such-model"), "model_not_found"), ("member", say("x", max_tokens=5), "unknown_parameter"), ("limit", say("x", max_output_tokens=15), "integer_below_min_value"),
                             ("no input", {"model": "gpt-5.5"}, "missing_required_parameter"), ("loose strict", say("x", tools=[{"type": "function", "name": "f", "parameters": {"type": "object", "properties": {"a": {}}}}]), "invalid_function_parameters"),
                             ("sampling", say("x", temperature=0.5), None), ("sealed reasoning of a model that does not reason", {"model": "gpt-4o", "input": "x", "include": ["reasoning.encrypted_content"]}, None)):
        r = ask(path, body)
        check("responses: refuses " + name, r.status == 400 and r.json["error"]["code"] == code, r.text)
    r = ask("/x-error-in-200" + path, say("tell me", stream=True))
    kinds = [e for e, _ in sse(r.body)]
    check("responses: an error inside, flat, then failed", kinds[-2:] == ["error", "response.failed"] and json.loads(sse(r.body)[-2][1])["code"] == "server_error", kinds)
    r = ask("/x-refusal" + path, say("x", stream=True))
    check("responses: refusal", any(e == "response.refusal.delta" for e, _ in sse(r.body)))
    r = ask(path, say("tell me", max_output_tokens=16, stream=True))
    check("responses: incomplete", json.loads(sse(r.body)[-1][1])["response"]["incomplete_details"] == {"reason": "max_output_tokens"})


def test_order():
    s = stream_of("openai", ask(CHAT, user("x", stream=True)))
    check("openai: no usage unless asked", s["usage"] is None and s["order"][-1] == "[DONE]" and "usage" not in s["order"], s["order"])
    s = stream_of("openai", ask(CHAT, user("x", stream=True, stream_options={"include_usage": True})))
    check("openai: usage before [DONE]", s["order"][-2:] == ["usage", "[DONE]"], s["order"])
    r = ask(CHAT, user("x", stream=True))
    first = json.loads(sse(r.body)[0][1])
    check("openai: role first", first["choices"][0]["delta"]["role"] == "assistant" and "usage" not in first)
    o = stream_of("anthropic", ask(MESSAGES, claude("x", stream=True), ANT))["order"]
    check("anthropic: order", o[:3] == ["message_start", "content_block_start", "ping"] and o[-3:] == ["content_block_stop", "message_delta", "message_stop"], o)
    o = stream_of("ollama", ask(OLLAMA, llama("x"), {}))["order"]
    check("ollama: streams by default, one done line at the end", o[-1] == "done" and o.count("done") == 1, o)
    r = ask(CHAT, user("echo: a b", stream=True, n=2))
    both = {0: "", 1: ""}
    for _, d in sse(r.body)[:-1]:
        for c in json.loads(d)["choices"]:
            both[c["index"]] += c["delta"].get("content") or ""
    check("openai: n=2", both == {0: "echo: a b", 1: "echo: a b"}, both)


def test_tools():
    want = [("weather", {"city": "Malm\u00f6", "days": 3}), ("weather", {"city": "a;b"})]
    text = 'call weather {"city":"Malm\u00f6","days":3}; weather {"city":"a;b"}'
    for name, path, make, head in DIALECTS:
        tools = [ANT_TOOL] if name == "anthropic" else [TOOL]
        r = ask(path, make(text, stream=False, tools=tools), head)
        check(name + ": calls", unary_of(name, r)[2] == want and unary_of(name, r)[3] in ("tool_calls", "tool_use", "stop"), r.text)
        s = stream_of(name, ask(path, make(text, stream=True, tools=tools), head))
        check(name + ": streamed calls", [(c["name"], json.loads(c["args"])) for c in s["calls"]] == want, s)
        check(name + ": fragments", name == "ollama" or s["calls"][0]["pieces"] > 4, s)
        ids = [c["id"] for c in s["calls"]]
        check(name + ": ids", len(set(ids)) == 2 and all(ids), ids)
        check(name + ": no tools, no call", not unary_of(name, ask(path, make(text, stream=False), head))[2])
        check(name + ": whole calls", name == "ollama" or stream_of(name, ask("/x-whole-calls" + path, make(text, stream=True, tools=tools), head))["calls"][0]["pieces"] <= 2)
    s = stream_of("anthropic", ask(MESSAGES, claude("call weather {}", stream=True, tools=[ANT_TOOL]), ANT))
    check("anthropic: no arguments give no JSON", s["calls"][0]["args"] == "", s)
    r = ask(CHAT, user("x", tools=[TOOL], tool_choice="required"))
    check("openai: forced call fits the schema", unary_of("openai", r)[2] == [("weather", {"city": "a string", "days": 42})], r.text)
    r = ask(CHAT, user("x", tools=[TOOL], tool_choice={"type": "function", "function": {"name": "weather"}}))
    check("openai: named call", unary_of("openai", r)[2][0][0] == "weather", r.text)
    r = ask(MESSAGES, claude("x", tools=[ANT_TOOL], tool_choice={"type": "any"}), ANT)
    check("anthropic: forced call", unary_of("anthropic", r)[2] == [("weather", {"city": "a string", "days": 42})], r.text)
    check("openai: none", not unary_of("openai", ask(CHAT, user(text, tools=[TOOL], tool_choice="none")))[2])
    r = ask(CHAT, user("call weather !{broken", tools=[TOOL]))
    check("openai: broken arguments", r.json["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"] == "{broken", r.text)


def test_tool_results():
    first = ask(CHAT, user('call weather {"city":"x"}', tools=[TOOL])).json["choices"][0]["message"]
    talk = [{"role": "user", "content": 'call weather {"city":"x"}'}, first, {"role": "tool", "tool_call_id": first["tool_calls"][0]["id"], "content": "12 degrees"}]
    first.pop("annotations"), first.pop("refusal")
    r = ask(CHAT, {"model": "m", "messages": talk, "tools": [TOOL]})
    check("openai: result quoted", unary_of("openai", r)[0] == "The tool said: 12 degrees", r.text)
    r = ask(CHAT, {"model": "m", "messages": talk[:2], "tools": [TOOL]})
    check("openai: call without result", r.status == 400 and "must be followed by tool messages" in r.text, r.text)
    r = ask(CHAT, {"model": "m", "messages": [talk[0], talk[2]]})
    check("openai: result without call", r.status == 400 and "must be a response" in r.text, r.text)
    r = ask(CHAT, {"model": "m", "messages": [talk[0], first, {**talk[2], "tool_call_id": "other"}]})
    check("openai: wrong id", r.status == 400, r.text)

    said = ask(MESSAGES, claude("think call weather {}", tools=[ANT_TOOL]), ANT).json["content"]
    use = [b for b in said if b["type"] == "tool_use"][0]
    talk = lambda blocks, uid=use["id"]: {"model": "c", "max_tokens": 99, "tools": [ANT_TOOL], "messages": [{"role": "user", "content": "think call weather {}"},
        {"role": "assistant", "content": blocks}, {"role": "user", "content": [{"type": "tool_result", "tool_use_id": uid, "content": [{"type": "text", "text": "cold"}]}]}]}
    r = ask(MESSAGES, talk(said), ANT)
    check("anthropic: result quoted", unary_of("anthropic", r)[0] == "The tool said: cold", r.text)
    check("anthropic: the block has the signature", said[0]["type"] == "thinking" and len(said[0]["signature"]) > 20, said)
    check("anthropic: thinking dropped", "Expected `thinking`" in ask(MESSAGES, talk(said[1:]), ANT).text)
    for k, v in (("thinking", said[0]["thinking"] + "."), ("signature", "Eo" + said[0]["signature"][:1:-1])):
        r = ask(MESSAGES, talk([{**said[0], k: v}] + said[1:]), ANT)
        check("anthropic: %s changed" % k, r.status == 400 and "Invalid `signature`" in r.text, r.text)
    check("anthropic: wrong id", ask(MESSAGES, talk(said, "toolu_x"), ANT).status == 400)
    r = ask(MESSAGES, {**talk(said), "messages": talk(said)["messages"][:2] + [{"role": "user", "content": "no result"}]}, ANT)
    check("anthropic: no result", r.status == 400 and "without `tool_result`" in r.text, r.text)
    r = ask("/x-redacted" + MESSAGES, claude("think call weather {}", tools=[ANT_TOOL]), ANT).json["content"]
    check("anthropic: redacted", r[0]["type"] == "redacted_thinking", r)
    use = [b for b in r if b["type"] == "tool_use"][0]
    check("anthropic: redacted comes back", ask(MESSAGES, talk(r, use["id"]), ANT).status == 200)
    check("anthropic: redacted changed", ask(MESSAGES, talk([{**r[0], "data": "x"}] + r[1:], use["id"]), ANT).status == 400)

    m = [{"role": "user", "content": "x"}, {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "weather", "arguments": {}}}]}, {"role": "tool", "tool_name": "weather", "content": "wet"}]
    r = ask(OLLAMA, {"model": "l", "messages": m, "stream": False}, {})
    check("ollama: result quoted", unary_of("ollama", r)[0] == "The tool said: wet", r.text)
    m[1]["tool_calls"][0]["function"]["arguments"] = "{}"
    check("ollama: arguments as text", ask(OLLAMA, {"model": "l", "messages": m, "stream": False}, {}).status == 400)


# ---- Gemini: the model and the method stand in the path ------------------------------------------------------------

GEM = {"x-goog-api-key": "AIza-test", "Content-Type": "application/json"}


def gem(text, **more):
    return {"contents": [{"role": "user", "parts": [{"text": text}]}], **more}


def gem_ask(body, model="gemini-3.5-flash", method=":generateContent", head=GEM, before="", base="/v1beta"):
    return ask(before + base + "/models/" + model + method, body, head)


def gem_stream(body, before="", model="gemini-3.5-flash", query="?alt=sse"):
    return gem_ask(body, model, ":streamGenerateContent" + query, GEM, before)


def gem_parts(objects):
    return [p for j in objects for p in j["candidates"][0]["content"]["parts"]]


def gem_text(parts):
    return "".join(p["text"] for p in parts if "text" in p and not p.get("thought"))


def test_gemini():
    one, two = gem_ask(gem("tell me")), gem_stream(gem("tell me"))
    pieces = [json.loads(d) for _, d in sse(two.body)]
    text = gem_text(gem_parts([one.json]))
    check("gemini: unary and stream say the same", text == gem_text(gem_parts(pieces)) and len(text) > 40 and len(pieces) > 8, two.text)
    check("gemini: CRLF, types", b"\r\n\r\n" in two.body and two.headers["content-type"] == "text/event-stream" and one.headers["content-type"].startswith("application/json"), two.headers)
    check("gemini: finish in the last piece", [j["candidates"][0].get("finishReason") for j in pieces] == [None] * (len(pieces) - 1) + ["STOP"])
    u = pieces[-1]["usageMetadata"]
    check("gemini: usage counts words", u["promptTokenCount"] == 2 and u["candidatesTokenCount"] == len(text.split()), u)
    for before, query in (("", ""), ("/x-json-array", "?alt=sse")):
        r = gem_stream(gem("tell me"), before, query=query)
        check("gemini: an array" + before, r.body.startswith(b"[{") and gem_text(gem_parts(r.json)) == text and r.headers["content-type"].startswith("application/json"), r.text)
    check("gemini: an array without its end", not gem_stream(gem("x"), "/x-no-done", query="").text.rstrip().endswith("]"))
    r = gem_stream(gem("tell me"), "/x-error-in-200", query="")
    check("gemini: an error in the array", r.text.endswith('"UNAVAILABLE"}}') and r.status == 200, r.text)
    check("gemini: other version, escaped name", gem_ask(gem("x"), "a%2Fb", base="/v1").json["modelVersion"] == "a/b")
    vertex = "/v1/projects/p/locations/global/publishers/google"
    check("vertex: bearer", gem_ask(gem("x"), head=KEY, base=vertex).status == 200 and gem_ask(gem("x"), base=vertex).status == 401)
    for head, status, part in ((dict(GEM, **{"x-goog-api-key": "invalid"}), 400, "API_KEY_INVALID"), ({"Content-Type": "application/json"}, 403, "unregistered callers")):
        r = gem_ask(gem("x"), head=head)
        check("gemini: key %d" % status, r.status == status and part in r.text, r.text)
    check("gemini: a key in the URL", gem_ask(gem("x"), method=":generateContent?key=AIza-test").status == 400)
    r = gem_ask(gem("x"), before="/x-status-429")
    check("gemini: 429 says when", r.json["error"]["details"][0]["retryDelay"] == "2s" and r.json["error"]["status"] == "RESOURCE_EXHAUSTED", r.text)
    check("gemini: unknown model", gem_ask(gem("x"), "no-such-model").json["error"]["status"] == "NOT_FOUND")


def test_gemini_tools():
    tools = [{"functionDeclarations": [{"name": "weather", "parametersJsonSchema": SCHEMA}]}]
    text = 'think then call weather {"city":"x"}; weather {"city":"a;b"}'
    config = lambda mode, **more: {"toolConfig": {"functionCallingConfig": {"mode": mode, **more}}}
    for model, signs, ids in (("gemini-3.5-flash", True, True), ("gemini-2.5-flash", True, False)):
        said = gem_ask(gem(text, tools=tools), model).json["candidates"][0]["content"]
        calls = [p for p in said["parts"] if "functionCall" in p]
        check(model + ": calls", [c["functionCall"]["args"]["city"] for c in calls] == ["x", "a;b"] and all(("id" in c["functionCall"]) == ids for c in calls), said)
        check(model + ": the first one is signed", ("thoughtSignature" in calls[0]) == signs and "thoughtSignature" not in calls[1], said)
        streamed = [p for p in gem_parts([json.loads(d) for _, d in sse(gem_stream(gem(text, tools=tools), model=model).body)]) if "functionCall" in p]
        check(model + ": streamed calls", [c["functionCall"]["args"] for c in streamed] == [c["functionCall"]["args"] for c in calls], streamed)
    said = gem_ask(gem(text, tools=tools)).json["candidates"][0]["content"]
    calls = [p for p in said["parts"] if "functionCall" in p]
    answers = [{"functionResponse": {"id": c["functionCall"]["id"], "name": "weather", "response": {"output": "cold %d" % i}}} for i, c in enumerate(calls)]
    talk = lambda parts, results=answers, **more: {"contents": [gem(text)["contents"][0], {"role": "model", "parts": parts}, {"role": "user", "parts": results}], "tools": tools, **more}
    refused = lambda name, body, part: check("gemini: " + name, (lambda r: r.status == 400 and part in r.text)(gem_ask(body)), gem_ask(body).text)
    r = gem_ask(talk(calls))
    check("gemini: results quoted", gem_text(gem_parts([r.json])) == "The tool said: cold 0\ncold 1", r.text)
    refused("signature dropped", talk([{"functionCall": c["functionCall"]} for c in calls]), "missing a thought_signature")
    refused("signature changed", talk([dict(calls[0], thoughtSignature="RW8=")] + calls[1:]), "Corrupted thought signature")
    refused("signature on the other call", talk([{"functionCall": calls[0]["functionCall"]}, dict(calls[1], thoughtSignature=calls[0]["thoughtSignature"])]), "missing a thought_signature")
    skip = "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I="
    refused("its own call as one of another model", talk([dict(calls[0], thoughtSignature=skip)] + calls[1:]), "missing a thought_signature")
    other = dict(calls[0], functionCall=dict(calls[0]["functionCall"], id="call_of_another"), thoughtSignature=skip)
    check("gemini: a call of another model", gem_ask(talk([other] + calls[1:], [{"functionResponse": dict(answers[0]["functionResponse"], id="call_of_another")}] + answers[1:])).status == 200)
    refused("one result missing", talk(calls, answers[:1]), "number of function response parts")
    refused("no result", talk(calls, [{"text": "never mind"}]), "number of function response parts")
    refused("wrong id", talk(calls, [answers[0], {"functionResponse": dict(answers[1]["functionResponse"], id="x")}]), "immediately after a function call turn")
    refused("result that is no object", talk(calls, [answers[0], {"functionResponse": dict(answers[1]["functionResponse"], response="x")}]), "Struct")
    last = [p for p in gem_parts([gem_ask(gem("tell me")).json])]
    later = lambda parts: {"contents": [gem("a")["contents"][0], {"role": "model", "parts": parts}, gem("echo: b")["contents"][0]]}
    check("gemini: signed text comes back", gem_ask(later(last)).status == 200)
    half = [{"text": last[0]["text"][:9]}, {"text": last[0]["text"][9:], "thoughtSignature": last[0]["thoughtSignature"]}]
    refused("signed text cut elsewhere", later(half), "Corrupted thought signature")
    pieces = gem_parts([json.loads(d) for _, d in sse(gem_stream(gem("tell me")).body)])
    check("gemini: an empty text is signed for what stands before it", gem_ask(later([{"text": gem_text(pieces)}, pieces[-1]])).status == 200, pieces[-1])
    r = gem_ask(gem("x", tools=tools, **config("ANY", allowedFunctionNames=["weather"])))
    check("gemini: named call", gem_parts([r.json])[0]["functionCall"]["args"] == {"city": "a string", "days": 42}, r.text)
    check("gemini: none", not [p for p in gem_parts([gem_ask(gem(text, tools=tools, **config("NONE"))).json]) if "functionCall" in p])
    refused("names without ANY", gem("x", tools=tools, **config("AUTO", allowedFunctionNames=["weather"])), "Only supported in ANY")
    refused("a name that is no tool", gem("x", tools=tools, **config("ANY", allowedFunctionNames=["other"])), "subset")


def test_gemini_requests():
    refused = lambda name, body, part, model="gemini-2.5-flash": check("gemini: " + name, (lambda r: r.status == 400 and part in r.text)(gem_ask(body, model)), gem_ask(body, model).text)
    config = lambda **more: gem("x", generationConfig=more)
    refused("no contents", {}, "contents is not specified")
    refused("role", {"contents": [{"role": "assistant", "parts": [{"text": "x"}]}]}, "valid role: user, model")
    refused("no parts", {"contents": [{"role": "user", "parts": []}]}, "must not be empty")
    refused("empty text", gem(""), "must not be empty")
    refused("two in one part", {"contents": [{"role": "user", "parts": [{"text": "x", "fileData": {"fileUri": "u"}}]}]}, "one initialized field")
    refused("bad base64", {"contents": [{"role": "user", "parts": [{"inlineData": {"mimeType": "image/png", "data": "?"}}]}]}, "Base64")
    refused("unknown member", gem("x", stream=True), 'Unknown name \\"stream\\"')
    refused("unknown option", config(max_tokens=3), "Unknown name")
    refused("temperature", config(temperature=3), "temperature")
    refused("six stops", config(stopSequences=list("abcdef")), "stop_sequences")
    refused("schema without JSON", config(responseJsonSchema=SCHEMA), "response_mime_type")
    refused("level and budget", config(thinkingConfig={"thinkingLevel": "low", "thinkingBudget": 1}), "only one of")
    refused("level on an old model", config(thinkingConfig={"thinkingLevel": "low"}), "not supported for this model")
    refused("thinking on an older one", config(thinkingConfig={"thinkingBudget": 1}), "not enabled", "gemini-2.0-flash")
    refused("budget 0 on a new one", config(thinkingConfig={"thinkingBudget": 0}), "only works in thinking mode", "gemini-3.5-flash")
    part = {"inlineData": {"mimeType": "image/png", "data": PNG}}
    r = gem_ask({"contents": [{"role": "user", "parts": [{"text": "what?"}, part, {"fileData": {"fileUri": "gs://x"}}]}]})
    check("gemini: images", gem_text(gem_parts([r.json])).startswith("saw 2 image(s). "), r.text)
    r = gem_ask(config(responseMimeType="application/json", responseJsonSchema=SCHEMA))
    check("gemini: a schema", json.loads(gem_text(gem_parts([r.json])))["days"] == 42, r.text)
    r = gem_ask(gem("tell me", generationConfig={"maxOutputTokens": 3}, systemInstruction={"parts": [{"text": "be brief"}]})).json
    check("gemini: a limit", r["candidates"][0]["finishReason"] == "MAX_TOKENS" and r["usageMetadata"]["candidatesTokenCount"] == 3 and r["usageMetadata"]["promptTokenCount"] == 4, r)
    r = gem_ask(config(thinkingConfig={"includeThoughts": True, "thinkingBudget": 100}), "gemini-2.5-flash").json
    check("gemini: thoughts", r["candidates"][0]["content"]["parts"][0].get("thought") and r["usageMetadata"]["thoughtsTokenCount"] == 15, r)


def test_thinking():
    for name, path, make, head in DIALECTS:
        r = unary_of(name, ask(path, make("please think", stream=False), head))
        s = stream_of(name, ask(path, make("please think", stream=True), head))
        check(name + ": thinks", r[1] and r[1] == s["reasoning"] and s["text"] == r[0], (r, s))
        check(name + ": does not think", not unary_of(name, ask(path, make("thinking of", stream=False), head))[1])
    check("anthropic: signature in the stream", any(len(o) > 40 for o in stream_of("anthropic", ask(MESSAGES, claude("think", stream=True), ANT))["order"]))
    check("openai: reasoning_effort", unary_of("openai", ask(CHAT, user("x", reasoning_effort="low")))[1])
    check("openai: reasoning tokens", ask(CHAT, user("think")).json["usage"]["completion_tokens_details"]["reasoning_tokens"] == 15)
    check("ollama: think", unary_of("ollama", ask(OLLAMA, llama("x", stream=False, think="high"), {}))[1])
    on = {"type": "enabled", "budget_tokens": 1024}
    check("anthropic: thinking", unary_of("anthropic", ask(MESSAGES, claude("x", thinking=on) | {"max_tokens": 2000}, ANT))[1])
    check("anthropic: budget", ask(MESSAGES, claude("x", thinking=on), ANT).status == 400)
    check("anthropic: temperature and thinking", ask(MESSAGES, claude("x", thinking=on, temperature=0.5) | {"max_tokens": 2000}, ANT).status == 400)


def test_images():
    part = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + PNG}}
    r = ask(CHAT, {"model": "m", "messages": [{"role": "user", "content": [{"type": "text", "text": "echo: y"}, part, part]}]})
    check("openai: images", unary_of("openai", r)[0] == "saw 2 image(s). echo: y", r.text)
    part["image_url"]["url"] = "data:image/png;base64,***"
    check("openai: bad image", ask(CHAT, {"model": "m", "messages": [{"role": "user", "content": [part]}]}).status == 400)
    img = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
    r = ask(MESSAGES, {"model": "m", "max_tokens": 99, "messages": [{"role": "user", "content": [img, {"type": "text", "text": "echo: y"}]}]}, ANT)
    check("anthropic: images", unary_of("anthropic", r)[0] == "saw 1 image(s). echo: y", r.text)
    img["source"]["media_type"] = "image/bmp"
    check("anthropic: media type", ask(MESSAGES, {"model": "m", "max_tokens": 99, "messages": [{"role": "user", "content": [img]}]}, ANT).status == 400)
    m = {"role": "user", "content": "echo: y", "images": [PNG]}
    check("ollama: images", unary_of("ollama", ask(OLLAMA, {"model": "l", "messages": [m], "stream": False}, {}))[0] == "saw 1 image(s). echo: y")
    m["images"] = ["data:image/png;base64," + PNG]
    check("ollama: data URL refused", ask(OLLAMA, {"model": "l", "messages": [m]}, {}).status == 400)


def test_formats():
    deep = {"type": "object", "properties": {"answer": {"type": "string"}, "kind": {"enum": ["a", "b"]}, "list": {"type": "array", "items": {"$ref": "#/$defs/n"}, "minItems": 2},
            "ok": {"type": ["null", "boolean"]}}, "required": ["answer", "kind", "list", "ok"], "additionalProperties": False, "$defs": {"n": {"type": "integer", "minimum": 50}}}
    want = {"answer": "echo: hi", "kind": "a", "list": [50, 50], "ok": True}
    asks = {"openai": {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": deep, "strict": True}}},
            "anthropic": {"output_config": {"format": {"type": "json_schema", "schema": deep}}}, "ollama": {"format": deep}}
    for name, path, make, head in DIALECTS:
        r = ask(path, make("echo: hi", stream=False, **asks[name]), head)
        check(name + ": schema", json.loads(unary_of(name, r)[0]) == want, r.text)
        s = stream_of(name, ask(path, make("echo: hi", stream=True, **asks[name]), head))
        check(name + ": schema streamed", json.loads(s["text"]) == want and s["n"] > 5, s)
    r = ask(CHAT, user("json, echo: hi", response_format={"type": "json_object"}))
    check("openai: json_object", json.loads(unary_of("openai", r)[0]) == {"answer": "echo: hi"}, r.text)
    check("openai: the word json", "must contain the word" in ask(CHAT, user("x", response_format={"type": "json_object"})).text)
    check("ollama: json", json.loads(unary_of("ollama", ask(OLLAMA, llama("echo: q", stream=False, format="json"), {}))[0]) == {"answer": "echo: q"})
    del deep["additionalProperties"]
    check("openai: strict schema", ask(CHAT, user("x", **asks["openai"])).status == 400)
    check("anthropic: open schema", ask(MESSAGES, claude("x", **asks["anthropic"]), ANT).status == 400)


def test_limits():
    r = ask(CHAT, user("echo: a b c d", max_tokens=3))
    check("openai: length", unary_of("openai", r)[::3] == ("echo: a b", "length"), r.text)
    r = ask(MESSAGES, claude("echo: a b c d") | {"max_tokens": 3}, ANT)
    check("anthropic: length", unary_of("anthropic", r)[::3] == ("echo: a b", "max_tokens"), r.text)
    r = ask(OLLAMA, llama("echo: a b c d", stream=False, options={"num_predict": 3}), {})
    check("ollama: length", unary_of("ollama", r)[::3] == ("echo: a b", "length"), r.text)
    r = ask(MESSAGES, claude("echo: a b c d", stop_sequences=["zz", " c"]), ANT)
    check("anthropic: stop sequence", unary_of("anthropic", r)[::3] == ("echo: a b", "stop_sequence") and r.json["stop_sequence"] == " c", r.text)
    check("openai: stop", unary_of("openai", ask(CHAT, user("echo: a b c d", stop=" c")))[::3] == ("echo: a b", "stop"))
    r = ask("/x-refusal" + CHAT, user("x"))
    check("openai: refusal", r.json["choices"][0]["message"]["refusal"].startswith("I'm sorry") and r.json["choices"][0]["message"]["content"] is None, r.text)
    check("anthropic: refusal", ask("/x-refusal" + MESSAGES, claude("x"), ANT).json["stop_reason"] == "refusal")
    check("finish", ask("/x-finish-content_filter" + CHAT, user("x")).json["choices"][0]["finish_reason"] == "content_filter")
    u = ask("/x-cached-1" + CHAT, user("one two")).json["usage"]
    check("openai: cached", u["prompt_tokens"] == 2 and u["prompt_tokens_details"]["cached_tokens"] == 1, u)
    u = ask("/x-cached-1" + MESSAGES, claude("one two"), ANT).json["usage"]
    check("anthropic: cached", u["input_tokens"] == 1 and u["cache_read_input_tokens"] == 1, u)


def test_refusals():
    """What each provider refuses: status, and a part of the message, in the provider's form."""
    def openai(name, status, part, body, head=KEY):
        r = ask(CHAT, body, head)
        e = (r.json or {}).get("error", {})
        check("openai refuses " + name, r.status == status and set(e) == {"message", "type", "param", "code"} and part in r.text, r.text)

    def anthropic(name, status, part, body, head=ANT, path=MESSAGES):
        r = ask(path, body, head)
        j = r.json or {}
        check("anthropic refuses " + name, r.status == status and j.get("type") == "error" and set(j["error"]) == {"type", "message"} and "request_id" in j and part in r.text, r.text)

    without = lambda h, k: {a: b for a, b in h.items() if a != k}
    openai("no key", 401, "API key", user("x"), without(KEY, "Authorization"))
    openai("no Bearer", 401, "API key", user("x"), {**KEY, "Authorization": "sk-test"})
    openai("another header", 401, "API key", user("x"), {**without(KEY, "Authorization"), "x-api-key": "k"})
    openai("a wrong key", 401, "invalid_api_key", user("x"), {**KEY, "Authorization": "Bearer invalid"})
    openai("the type", 400, "Content-Type", user("x"), {**KEY, "Content-Type": "text/plain"})
    openai("no JSON", 400, "JSON", b"{")
    openai("duplicate members", 400, "duplicate", b'{"model":"m","model":"n"}')
    openai("bad UTF-8", 400, "UTF-8", b'{"model":"\xff"}')
    openai("no model", 400, "model", {"messages": [{"role": "user", "content": "x"}]})
    openai("an unknown model", 404, "model_not_found", user("x") | {"model": "no-such-model"})
    openai("no messages", 400, "messages", {"model": "m"})
    openai("empty messages", 400, "empty", {"model": "m", "messages": []})
    openai("a role", 400, "Invalid value", {"model": "m", "messages": [{"role": "model", "content": "x"}]})
    openai("null content", 400, "messages", {"model": "m", "messages": [{"role": "user", "content": None}]})
    openai("an unknown member", 400, "unknown_parameter", user("x", top_k=3))
    openai("stream_options alone", 400, "stream_options", user("x", stream_options={"include_usage": True}))
    openai("temperature", 400, "temperature", user("x", temperature=3))
    openai("max_tokens of gpt-5", 400, "max_completion_tokens", user("x", max_tokens=9) | {"model": "gpt-5"})
    openai("a tool name", 400, "pattern", user("x", tools=[{"type": "function", "function": {"name": "a b"}}]))
    openai("a choice without tools", 400, "tool_choice", user("x", tool_choice="auto"))
    anthropic("no key", 401, "authentication_error", claude("x"), without(ANT, "x-api-key"))
    anthropic("another header", 401, "authentication_error", claude("x"), {**without(ANT, "x-api-key"), "api-key": "k"})
    anthropic("a wrong key", 401, "invalid x-api-key", claude("x"), {**ANT, "x-api-key": "invalid"})
    anthropic("no version", 400, "anthropic-version", claude("x"), without(ANT, "anthropic-version"))
    anthropic("an unknown version", 400, "anthropic-version", claude("x"), {**ANT, "anthropic-version": "2030-01-01"})
    anthropic("no max_tokens", 400, "max_tokens: Field required", without(claude("x"), "max_tokens"))
    anthropic("a system role", 400, "Unexpected role", {"model": "m", "max_tokens": 9, "messages": [{"role": "system", "content": "x"}]})
    anthropic("an assistant first", 400, "first message", {"model": "m", "max_tokens": 9, "messages": [{"role": "assistant", "content": "x"}]})
    anthropic("an empty text", 400, "non-empty", {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": [{"type": "text", "text": ""}]}]})
    anthropic("an unknown member", 400, "Extra inputs", claude("x", n=2))
    anthropic("an unknown model", 404, "not_found_error", claude("x") | {"model": "no-such-model"})
    anthropic("no schema", 400, "input_schema", claude("x", tools=[{"name": "w"}]))
    anthropic("prefill", 400, "prefill", {"model": "claude-opus-4-7", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}]})
    new = {**without(ANT, "x-api-key"), "anthropic-version": "2026-10-21", "Authorization": "Bearer k"}
    anthropic("temperature by the new version", 400, "temperature: Extra inputs", claude("x", temperature=1), new)
    check("anthropic: old version takes it", ask(MESSAGES, claude("x", temperature=1), ANT).status == 200)
    check("anthropic: new version, bearer", ask(MESSAGES, claude("x"), new).status == 200)
    anthropic("max_tokens when counting", 400, "max_tokens", claude("x"), path="/v1/messages/count_tokens")
    for name, status, part, body in [("no model", 400, "model is required", {"messages": []}), ("an unknown model", 404, "not found", llama("x") | {"model": "nonexistent"}),
                                     ("a role", 400, "invalid role", {"model": "l", "messages": [{"role": "x", "content": "y"}]}), ("a list as content", 400, "unmarshal", llama([])),
                                     ("a format", 400, "format", llama("x", format="xml"))]:
        r = ask(OLLAMA, body, {})
        check("ollama refuses " + name, r.status == status and list(r.json) == ["error"] and part in r.text, r.text)
    check("ollama: need-auth", ask("/x-need-auth" + OLLAMA, llama("x"), {}).status == 401)
    check("openai: no-auth", ask("/x-no-auth" + CHAT, user("x"), without(KEY, "Authorization")).status == 200)
    check("openai: lax", ask("/x-lax" + CHAT, user("x", top_k=3)).status == 200)


def test_cohere():
    path, tools = "/v2/chat", [TOOL]

    def chat(text, **more):
        return {"model": "command-a-03-2025", "stream": False, "messages": [{"role": "user", "content": text}], **more}

    def events(r):
        return [json.loads(d) for _, d in sse(r.body) if d != "[DONE]"]

    r = ask(path, chat("echo: a b"))
    check("cohere: plain", r.json["message"]["content"] == [{"type": "text", "text": "echo: a b"}] and r.json["finish_reason"] == "COMPLETE" and r.json["usage"]["tokens"]["input_tokens"] == 3, r.text)
    r = ask(path, chat("echo: a b", stream=True))
    e = events(r)
    check("cohere: stream", "".join(x["delta"]["message"]["content"].get("text", "") for x in e if x["type"].startswith("content-") and "delta" in x) == "echo: a b", r.text)
    check("cohere: order", [x["type"] for x in e][:2] == ["message-start", "content-start"] and e[-1]["type"] == "message-end" and r.body.endswith(b"data: [DONE]\n\n"), r.text)
    call = 'call weather {"city": "Oslo"}'
    one = ask(path, chat(call, tools=tools)).json["message"]
    check("cohere: a call and a plan", one["tool_calls"][0]["function"] == {"name": "weather", "arguments": '{"city": "Oslo"}'} and one["tool_plan"] and "content" not in one, one)
    e = events(ask(path, chat(call, tools=tools, stream=True)))
    check("cohere: a call in pieces", "".join(x["delta"]["message"]["tool_calls"]["function"]["arguments"] for x in e if x["type"].startswith("tool-call-") and "delta" in x) == '{"city": "Oslo"}', e)
    check("cohere: the plan in pieces", "".join(x["delta"]["message"]["tool_plan"] for x in e if x["type"] == "tool-plan-delta") == one["tool_plan"], e)
    check("cohere: forced", ask(path, chat("x", tools=tools, tool_choice="REQUIRED")).json["finish_reason"] == "TOOL_CALL")
    thinker = {"model": "command-a-reasoning-08-2025", "thinking": {"type": "enabled", "token_budget": 9}}
    two = ask(path, {**chat(call, tools=tools), **thinker}).json["message"]
    check("cohere: thinking and calls", two["content"][0]["type"] == "thinking" and "tool_plan" not in two and two["tool_calls"], two)

    def talk(said, wrong=None):
        return chat(call, tools=tools)["messages"] + [said, {"role": "tool", "tool_call_id": wrong or said["tool_calls"][0]["id"], "content": "cold"}]

    for name, said in (("plan", one), ("thinking", two)):
        r = ask(path, chat("", tools=tools, messages=talk(said)))
        check("cohere: %s comes back" % name, r.status == 200 and r.json["message"]["content"][-1]["text"] == "The tool said: cold", r.text)
    for name, said in (("plan", {**one, "tool_plan": one["tool_plan"] + " "}), ("thinking", {**two, "content": [{"type": "thinking", "thinking": "x"}]})):
        r = ask(path, chat("", tools=tools, messages=talk(said)))
        check("cohere: %s changed" % name, r.status == 400 and "is not what was given" in r.text, r.text)
    check("cohere: wrong id", ask(path, chat("", tools=tools, messages=talk(one, "x"))).status == 400)
    documents = [{"id": "d", "data": {"title": "T"}}]
    check("cohere: documents", ask(path, chat("x", documents=documents)).json["message"]["citations"][0]["sources"][0]["document"] == {"title": "T"})
    check("cohere: json", json.loads(ask(path, chat("x", response_format={"type": "json_object", "json_schema": SCHEMA})).json["message"]["content"][0]["text"])["days"] == 42)
    r = events(ask("/x-error-in-200" + path, chat("x", stream=True)))[-1]
    check("cohere: an error in the stream", r["type"] == "message-end" and r["delta"]["finish_reason"] == "ERROR" and r["delta"]["error"], r)

    def refuses(name, status, part, body, head=KEY):
        r = ask(path, body, head)
        check("cohere refuses " + name, r.status == status and set(r.json) == {"id", "message"} and part in r.json["message"], r.text)

    refuses("no key", 401, "api key", chat("x"), {"Content-Type": "application/json"})
    refuses("a wrong key", 401, "Incorrect API key", chat("x"), {**KEY, "Authorization": "Bearer invalid"})
    refuses("an unknown model", 404, "not found", {**chat("x"), "model": "no-such-model"})
    refuses("an unknown member", 422, "parameter 'top_p'", chat("x", top_p=0.5))
    refuses("strict in a tool", 422, "parameter 'strict'", chat("x", tools=[{**TOOL, "function": {**TOOL["function"], "strict": True}}]))
    refuses("a named tool", 400, "tool_choice", chat("x", tools=tools, tool_choice={"type": "function", "function": {"name": "weather"}}))
    refuses("JSON and tools", 400, "response_format", chat("x", tools=tools, response_format={"type": "json_object"}))
    refuses("p", 400, "p is out of range", chat("x", p=1))
    refuses("thinking", 400, "not supported", chat("x", thinking={"type": "enabled"}))
    refuses("strict tools without a required parameter", 400, "required parameter", chat("x", strict_tools=True, tools=[{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]))


def signed(path, body, key="AKIDEXAMPLE", secret="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", token=None, age=0, service="bedrock"):
    """The headers of a request that is signed for AWS, and its body."""
    data = json.dumps(body).encode()
    date = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(time.time() - age))
    scope = "%s/us-east-1/%s/aws4_request" % (date[:8], service)
    h = {"host": "127.0.0.1", "x-amz-date": date, **({"x-amz-security-token": token} if token else {})}
    names = ";".join(h)
    canonical = "POST\n%s\n\n%s\n%s\n%s" % (path.replace("%", "%25").replace(":", "%3A"), "".join("%s:%s\n" % kv for kv in h.items()), names, hashlib.sha256(data).hexdigest())
    k = ("AWS4" + secret).encode()
    for part in scope.split("/"):
        k = hmac.new(k, part.encode(), hashlib.sha256).digest()
    to_sign = "AWS4-HMAC-SHA256\n%s\n%s\n%s" % (date, scope, hashlib.sha256(canonical.encode()).hexdigest())
    signature = hmac.new(k, to_sign.encode(), hashlib.sha256).hexdigest()
    del h["host"]
    return {**h, "Content-Type": "application/json", "Authorization": "AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s" % (key, scope, names, signature)}, data


def frames(data):
    """(headers, payload) of each frame; both sums are looked at."""
    found = []
    while data:
        total, nheaders, crc = struct.unpack(">III", data[:12])
        assert crc == binascii.crc32(data[:8]) and struct.unpack(">I", data[total - 4:total])[0] == binascii.crc32(data[:total - 4])
        at, headers = 12, {}
        while at < 12 + nheaders:
            n = data[at]
            name, at = data[at + 1:at + 1 + n].decode(), at + 2 + n
            n = struct.unpack(">H", data[at:at + 2])[0]
            headers[name], at = data[at + 2:at + 2 + n].decode(), at + 2 + n
        found.append((headers, json.loads(data[at:total - 4])))
        data = data[total:]
    return found


def test_bedrock():
    model = "/model/us.anthropic.claude-sonnet-4-20250514-v1%3A0/"
    path = model + "converse"

    def chat(text, **more):
        return {"messages": [{"role": "user", "content": [{"text": text}]}], **more}

    def sent(body, **how):
        h, data = signed(path, body, **how)
        return ask(path, data, h)

    r = ask(path, chat("echo: a b"))
    check("bedrock: a bearer key", r.json["output"]["message"]["content"] == [{"text": "echo: a b"}] and r.json["stopReason"] == "end_turn" and r.json["usage"]["inputTokens"] > 0, r.text)
    r = sent(chat("echo: a"))
    check("bedrock: signed", r.status == 200, r.text)
    check("bedrock: signed with a token", sent(chat("echo: a"), key="ASIAEXAMPLE", token="session").status == 200)
    for name, how, kind in (("secret", {"secret": "x"}, "InvalidSignatureException"), ("key", {"key": "AKIAX"}, "UnrecognizedClientException"), ("token", {"key": "ASIAEXAMPLE", "token": "x"}, "UnrecognizedClientException"),
                            ("service", {"service": "s3"}, "InvalidSignatureException"), ("day", {"age": 86400}, "InvalidSignatureException")):
        r = sent(chat("x"), **how)
        check("bedrock: a wrong " + name, r.status == 403 and r.headers["x-amzn-errortype"].startswith(kind), (r.status, r.headers))
    h, data = signed(path, chat("x"))
    check("bedrock: another body", ask(path, data.replace(b"x", b"y"), h).status == 403)
    check("bedrock: another path", ask(model + "converse-stream", data, h).status == 403)
    check("bedrock: no signature", ask(path, chat("x"), {}).headers["x-amzn-errortype"].startswith("MissingAuthenticationTokenException"))
    e = frames(ask(model + "converse-stream", chat("echo: a b")).body)
    kinds = [h[":event-type"] for h, _ in e]
    check("bedrock: order", kinds[0] == "messageStart" and kinds[-3:] == ["contentBlockStop", "messageStop", "metadata"], kinds)
    check("bedrock: stream", "".join(p["delta"].get("text", "") for h, p in e if h[":event-type"] == "contentBlockDelta") == "echo: a b", e)
    tools = {"tools": [{"toolSpec": {"name": "weather", "inputSchema": {"json": {"type": "object"}}}}]}
    call = chat('call weather {"city": "Oslo"}', toolConfig=tools)
    one = ask(path, call).json["output"]["message"]
    use = [b["toolUse"] for b in one["content"] if "toolUse" in b][0]
    check("bedrock: a call", use["name"] == "weather" and use["input"] == {"city": "Oslo"}, one)
    e = frames(ask(model + "converse-stream", call).body)
    check("bedrock: a call in pieces", json.loads("".join(p["delta"]["toolUse"]["input"] for h, p in e if "toolUse" in p.get("delta", {}))) == {"city": "Oslo"}, e)
    for name, id, status in (("answer", use["toolUseId"], 200), ("answer to nothing", "x", 400)):
        r = ask(path, {**call, "messages": call["messages"] + [one, {"role": "user", "content": [{"toolResult": {"toolUseId": id, "content": [{"text": "cold"}]}}]}]})
        check("bedrock: an " + name, r.status == status, r.text)
    e = frames(ask("/x-error-in-200" + model + "converse-stream", chat("x")).body)
    check("bedrock: an exception", e[-1][0][":message-type"] == "exception" and e[-1][1]["message"], e)
    for name, body in (("member", chat("x", x=1)), ("format", {"messages": [{"role": "user", "content": [{"text": "x"}, {"image": {"format": "bmp", "source": {"bytes": "QQ=="}}}]}]}), ("first role", {"messages": [{"role": "assistant", "content": [{"text": "x"}]}]})):
        check("bedrock: a wrong " + name, ask(path, body).status == 400)


def test_bedrock_operations():
    titan, cohere = {"inputText": "one two"}, {"texts": ["a", "b c"], "input_type": "search_query"}
    counted = {"messages": [{"role": "user", "content": [{"text": "one two three"}]}]}

    def invoke(model, body, headers=KEY):
        return ask("/model/%s/invoke" % model, body, headers)

    def count(model, converse):
        return ask("/model/%s/count-tokens" % model, {"input": {"converse": converse}})

    r = invoke("amazon.titan-embed-text-v2%3A0", dict(titan, dimensions=256, normalize=True)).json
    check("bedrock: titan", len(r["embedding"]) == 256 and r["inputTextTokenCount"] == 2, r)
    check("bedrock: titan's first version has no dimensions", invoke("amazon.titan-embed-text-v1", dict(titan, dimensions=256)).status == 400)
    check("bedrock: titan takes one text", invoke("amazon.titan-embed-text-v2%3A0", {"inputText": ["a", "b"]}).status == 400 and invoke("amazon.titan-embed-text-v2%3A0", cohere).status == 400)
    r = invoke("cohere.embed-english-v3", cohere).json
    check("bedrock: cohere v3", [len(v) for v in r["embeddings"]] == [8, 8] and r["response_type"] == "embeddings_floats", r)
    r = invoke("us.cohere.embed-v4%3A0", dict(cohere, output_dimension=4)).json
    check("bedrock: cohere v4", [len(v) for v in r["embeddings"]["float"]] == [4, 4] and r["response_type"] == "embeddings_by_type", r)
    check("bedrock: 97 texts", invoke("cohere.embed-english-v3", dict(cohere, texts=["a"] * 97)).status == 400)
    check("bedrock: no model in the body", invoke("cohere.embed-english-v3", dict(cohere, model="m")).status == 400)
    check("bedrock: operations need a signature", invoke("amazon.titan-embed-text-v1", titan, {"Content-Type": "application/json"}).status == 403)
    check("bedrock: count", count("anthropic.claude-sonnet-5", counted).json == {"inputTokens": 3})
    check("bedrock: count of a region's model", count("us.anthropic.claude-sonnet-5", counted).status == 400)
    check("bedrock: count with what is none of it", count("anthropic.claude-sonnet-5", dict(counted, inferenceConfig={"maxTokens": 1})).status == 400)


def test_aws_keys():
    roles = "/latest/meta-data/iam/security-credentials/"
    check("keys: no token", ask(roles, None, {}, "GET").status == 401)
    token = ask("/latest/api/token", b"", {"x-aws-ec2-metadata-token-ttl-seconds": "60", "Content-Length": "0"}, "PUT").text
    h = {"x-aws-ec2-metadata-token": token}
    role = ask(roles, None, h, "GET").text.strip()
    check("keys: of an instance", get(roles + role, h)["AccessKeyId"] == "ASIAEXAMPLE", role)
    check("keys: of a container", get("/container/credentials", {"Authorization": "loopback container"})["Token"] == "session")
    check("keys: a container refuses", ask("/container/credentials", None, {"Authorization": "x"}, "GET").status == 403)


def test_azure():
    key, v1, old = {"api-key": "k", "Content-Type": "application/json"}, "/openai/v1/chat/completions", "/openai/deployments/d/chat/completions?api-version=2024-10-21"
    for path in (v1, old, "/models/chat/completions?api-version=2024-05-01-preview"):
        r = ask(path, user("echo: a"), key)
        check("azure: plain " + path, unary_of("openai", r)[0] == "echo: a" and r.json["prompt_filter_results"], r.text)
        r = ask(path, user("echo: a", stream=True), key)
        check("azure: stream " + path, stream_of("openai", r)["text"] == "echo: a" and json.loads(sse(r.body)[0][1])["choices"] == [], r.text)
    r = ask(old, user("blockme"), key)
    check("azure: blocked", r.status == 400 and r.json["error"]["code"] == "content_filter" and r.json["error"]["innererror"]["code"] == "ResponsibleAIPolicyViolation", r.text)
    r = ask("/x-finish-content_filter" + v1, user("x"), key)
    check("azure: filtered", "message" not in r.json["choices"][0], r.text)
    check("azure: no version", ask(old.split("?")[0], user("x"), key).status == 404)
    check("azure: a date at v1", ask(v1 + "?api-version=2024-10-21", user("x"), key).status == 400)
    check("azure: preview at v1, bearer", ask(v1 + "?api-version=preview", user("x"), KEY).status == 200)
    check("azure: no key", ask(v1, user("x"), {"Content-Type": "application/json"}).json["error"]["code"] == "401")
    check("azure: no deployment", ask(old, user("x") | {"model": "no-such-model"}, key).json["error"]["code"] == "DeploymentNotFound")


def test_pages():
    check("count_tokens", ask("/v1/messages/count_tokens", {"model": "c", "messages": [{"role": "user", "content": "one two three"}]}, ANT).json == {"input_tokens": 3})
    check("openai: models", get("/v1/models", KEY)["object"] == "list" and get("/v1/models", KEY)["data"][0]["object"] == "model")
    check("anthropic: models", get("/v1/models", ANT)["has_more"] is False)
    check("models need a key", ask("/v1/models", None, {}, "GET").status == 401)
    check("ollama: tags, show, version", get("/api/tags")["models"][0]["name"] and ask("/api/show", {"model": "l"}, {}).json["capabilities"] and get("/api/version")["version"])
    check("404", ask("/v1/nothing", {}).status == 404 and ask(CHAT, None, KEY, "GET").status == 405)
    check("unknown behaviour", ask("/x-nonsense" + CHAT, user("x")).status == 404 and ask(CHAT, user("x [[nonsense]]")).status == 400)


# ---- behaviours ----------------------------------------------------------------------------------------------------

def test_statuses():
    for status in (400, 402, 403, 404, 413, 429, 500, 502, 503, 504, 529):
        for name, path, make, head in DIALECTS:
            r = ask("/x-status-%d" % status + path, make("x"), head)
            j = r.json or {}
            form = {"openai": isinstance(j.get("error"), dict) and "code" in j["error"], "anthropic": j.get("type") == "error", "ollama": isinstance(j.get("error"), str)}[name]
            check("%s: status %d" % (name, status), r.status == status and form, r.text)
    check("retry-after", ask("/x-status-429" + CHAT, user("x")).headers["retry-after"] == "1")
    check("retry-after N", ask("/x-status-503/x-retry-after-7" + CHAT, user("x")).headers["retry-after"] == "7")
    h = ask("/x-status-429/x-retry-after-ms-77" + CHAT, user("x")).headers
    check("retry-after-ms", h["retry-after-ms"] == "77" and "retry-after" not in h, h)
    h = ask("/x-status-429/x-retry-date-3" + CHAT, user("x")).headers
    check("retry date", -2 < email.utils.parsedate_to_datetime(h["retry-after"]).timestamp() - time.time() - 3 < 2, h)
    e = ask("/x-status-429/x-code-insufficient_quota" + CHAT, user("x")).json["error"]
    check("code", e["code"] == e["type"] == "insufficient_quota", e)
    check("anthropic: types", ask("/x-status-529" + MESSAGES, claude("x"), ANT).json["error"]["type"] == "overloaded_error")
    check("anthropic: x-should-retry", ask("/x-status-529" + MESSAGES, claude("x"), ANT).headers["x-should-retry"] == "true")
    check("in the text", ask(CHAT, user("x [[status:503]]")).status == 503)
    ask("/reset", None, {})
    check("times", [ask("/x-times-2/x-status-503" + CHAT, user("x")).status for _ in range(4)] == [503, 503, 200, 200])
    ask("/reset", None, {})
    check("times after reset", ask("/x-times-2/x-status-503" + CHAT, user("x")).status == 503)


def test_wrong_replies():
    r = ask("/x-html-502" + CHAT, user("x"))
    check("html-502", r.status == 502 and r.headers["content-type"] == "text/html" and b"<html>" in r.body)
    r = ask("/x-empty" + CHAT, user("x"))
    check("empty", r.status == 200 and r.body == b"" and r.headers["content-length"] == "0")
    check("not-protocol", ask("/x-not-protocol" + CHAT, user("x", stream=True)).json["hello"] == "world")
    r = ask("/x-redirect-127.0.0.1:9" + CHAT, user("x"))
    check("redirect", r.status == 307 and r.headers["location"] == "http://127.0.0.1:9" + CHAT, r.headers)
    r = ask("/x-gzip" + CHAT, user("x"))
    check("gzip", r.headers["content-encoding"] == "gzip" and r.body[:2] == b"\x1f\x8b")
    check("gzip-bomb-free", ask("/x-gzip-bomb-free" + CHAT, user("x")).headers["content-encoding"] == "gzip")
    check("error in 200", ask("/x-error-in-200" + CHAT, user("x")).json["error"]["message"])
    for name, path, make, head in DIALECTS:
        r = ask("/x-error-in-200" + path, make("x", stream=True), head)
        last = r.body.strip().splitlines()[-1].removeprefix(b"data: ")
        texts = r.body.count(b'"content":"') if name != "anthropic" else r.body.count(b"text_delta")
        check(name + ": error in the stream", r.ended == "whole" and "error" in json.loads(last) and texts == (3 if name == "openai" else 2), r.text)
        r = ask("/x-error-in-200" + path, make("echo:  [[n:1]]", stream=True), head)
        check(name + ": error in a short stream", b'"error"' in r.body, r.text)
        r = ask("/x-bad-json" + path, make("x", stream=True), head)
        lines = [l.removeprefix(b"data: ") for l in r.body.splitlines() if l.startswith((b"data: {", b"{"))]
        bad = []
        for l in lines:
            try:
                json.loads(l)
            except ValueError:
                bad.append(l)
        check(name + ": bad event", len(bad) == 1, bad)
        r = ask("/x-bad-json" + path, make("x", stream=False), head)
        check(name + ": bad body", r.status == 200 and r.json is None and r.ended == "whole", r.text)
        for how in ("no-done", "no-terminal"):
            r = ask("/x-" + how + path, make("x", stream=True), head)
            last = {"openai": b"[DONE]", "anthropic": b"message_stop", "ollama": b'"done":true'}[name]
            finish = {"openai": b'"finish_reason":"stop"', "anthropic": b"message_delta", "ollama": b"done_reason"}[name]
            check("%s: %s" % (name, how), r.ended == "whole" and last not in r.body and (finish in r.body) == (how == "no-done" and name != "ollama"), r.text[-300:])


def test_cuts():
    whole = ask("/n9" + CHAT, user("x", stream=True))
    for n in (0, 1, 120, 500, len(whole.body) - 1):
        r = ask("/n9/x-cut-%d" % n + CHAT, user("x", stream=True))
        check("cut-%d" % n, len(r.body) == n and r.ended == "eof", (len(r.body), r.ended))
    r = ask("/n9/x-cut-%d" % len(whole.body) + CHAT, user("x", stream=True))
    check("cut at the end: no last chunk", len(r.body) == len(whole.body) and r.ended == "eof", r.ended)
    r = ask("/x-cut-50" + CHAT, user("x"))
    check("cut of a unary body", len(r.body) == 50 and r.ended == "eof" and int(r.headers["content-length"]) > 50, r.ended)
    check("[[cut:120]]", len(ask(CHAT, user("x [[cut:120]]", stream=True)).body) == 120)
    r = ask("/x-cut-head" + CHAT, user("x"))
    check("cut-head", r.ended == "eof" and r.head.startswith(b"HTTP/1.1 200 OK\r\n") and len(r.head) == 40, r.head)
    r = ask("/n9/x-rst-300" + CHAT, user("x", stream=True))
    check("rst", len(r.body) == 300 and r.ended == "reset", (len(r.body), r.ended))
    r = ask("/n9/x-stall-300" + CHAT, user("x", stream=True), timeout=0.4)
    check("stall", len(r.body) == 300 and r.ended == "timeout", (len(r.body), r.ended))
    r = ask("/x-lying-length-more" + CHAT, user("x"))
    check("lying-length-more", r.ended == "eof" and int(r.headers["content-length"]) == len(r.body) + 100, r.ended)
    r = ask("/x-lying-length-less" + CHAT, user("x"))
    check("lying-length-less", r.json is None and r.wire.buf.endswith(b"}\n") and len(r.wire.buf) == 10, r.wire.buf)


def test_slow():
    t = time.time()
    r = ask("/n10/d20000" + CHAT, user("x", stream=True))
    took = time.time() - t
    check("d20000", 0.2 < took < 1 and r.ended == "whole", took)
    t = time.time()
    r = ask("/n10/d20000/b5" + CHAT, user("x", stream=True))
    check("b5", 0.03 < time.time() - t < 0.15 and r.ended == "whole", time.time() - t)
    for form in ("/f150000", "/x-delay-first-150000"):
        t = time.time()
        ask(form + CHAT, user("x"))
        check(form, 0.15 <= time.time() - t < 0.6, time.time() - t)
    w = Wire(S)
    t = time.time()
    r = ask("/x-slow-head-500" + CHAT, user("x"), wire=w)
    check("slow-head", r.json["object"] == "chat.completion" and time.time() - t > len(r.head) * 0.0004 and len(w.reads) > len(r.head) // 3, (len(w.reads), len(r.head)))
    w = Wire(S)
    r = ask("/n2/x-drip-200" + CHAT, user("x", stream=True), wire=w)
    check("drip", r.ended == "whole" and stream_of("openai", r)["n"] == 2 and max(w.reads[1:]) < 60, w.reads[:50])
    check("drip-0 unary", ask("/x-drip-1" + CHAT, user("x")).json["id"])


def test_framing():
    one = ask("/n3" + CHAT, user("x", stream=True)).body
    strip = lambda b: b.split(b"loopback", 1)[1].split(b'"', 1)[1][:200]
    r = ask("/n3/x-crlf" + CHAT, user("x", stream=True))
    check("crlf", r.body.count(b"\r\n") == r.body.count(b"\n") > 6 and stream_of("openai", r)["n"] == 3, r.text)
    r = ask("/x-bom" + CHAT, user("x", stream=True))
    check("bom", r.body[:9] == b"\xef\xbb\xbfdata: ", r.body[:20])
    r = ask("/n3/x-chunk-1" + CHAT, user("x", stream=True))
    check("chunk-1", all(len(c) == 1 for c in r.chunks) and strip(r.body) == strip(one) and r.ended == "whole")
    r = ask("/x-chunk-1" + CHAT, user("x"))
    check("chunk-1 unary", all(len(c) == 1 for c in r.chunks) and r.json["id"])
    r = ask("/n3/x-close" + CHAT, user("x", stream=True))
    check("close", r.headers["connection"] == "close" and "content-length" not in r.headers and r.ended == "eof" and b"[DONE]" in r.body)
    check("close unary", ask("/x-close" + CHAT, user("x")).json["id"])
    r = ask("/x-http10" + CHAT, user("x"))
    check("http10", r.head.startswith(b"HTTP/1.0 200") and r.json["id"], r.head)
    r = ask("/x-extra-1xx" + CHAT, user("x"))
    check("extra-1xx", r.pieces == [100, 103] and r.json["id"], r.pieces)
    r = ask("/x-trailers" + CHAT, user("x", stream=True))
    check("trailers", "x-checksum" in r.trailers and r.headers["trailer"] == "x-checksum", r.trailers)
    plain = len(ask(CHAT, user("x")).head)
    for n in (1000, 100000):
        more = len(ask("/x-huge-headers-%d" % n + CHAT, user("x")).head) - plain
        check("huge-headers", n * 0.9 < more < n * 1.1, more)
        check("huge-header", n * 0.9 < len(ask("/x-huge-header-%d" % n + CHAT, user("x")).headers["x-filler-0"]) + 16 <= n + 16)
    s = stream_of("openai", ask("/x-big-line-70000" + CHAT, user("x", stream=True)))
    check("big-line", s["text"].endswith("x" * 70000) and s["n"] > 5)
    r = ask("/x-utf8-split" + CHAT, user("echo: \u00e9\u20ac\U0001f600!", stream=True))
    check("utf8-split", any(c.endswith(b"\xc3") for c in r.chunks) and any(c.endswith(b"\xf0") for c in r.chunks) and stream_of("openai", r)["text"] == "echo: \u00e9\u20ac\U0001f600!", r.chunks)
    r = ask("/x-escape" + CHAT, user("echo: \u00e9\U0001f600"))
    check("escape", r.body.isascii() and b"\\ud83d\\ude00" in r.body and unary_of("openai", r)[0] == "echo: \u00e9\U0001f600", r.text)
    r = ask("/n3/x-comments-2" + CHAT, user("x", stream=True))
    events = sse(r.body)
    check("comments-2", [e for e, _ in events[:2]] == [":", ":"] and sum(e == ":" for e, _ in events) == 2 and b"[DONE]" in r.body, r.text)
    w = Wire(S)
    w.send(request("/x-comments" + CHAT, user("x", stream=True), KEY))
    end = time.time() + 0.6
    while time.time() < end:
        w.more()
    check("comments for ever", 6 <= w.buf.count(b": keep-alive") <= 14 and b"data:" not in w.buf, w.buf[-100:])
    w.close()
    r = ask("/x-comments-2" + CHAT, user("x"))
    check("blank lines before JSON", r.body.startswith(b"\n\n{") and r.json["id"], r.body[:10])


def test_http():
    w = Wire(S)
    before = get("/stats")
    ids = [ask(CHAT, user("x"), wire=w).json["id"] for _ in range(5)]
    after = get("/stats")
    check("keep-alive", len(set(ids)) == 5 and after["reused"] - before["reused"] == 4 and after["requests"] - before["requests"] == 5, (before, after))
    w.send(request(CHAT, user("echo: 1"), KEY) + request(CHAT, user("echo: 2", stream=True), KEY) + request(CHAT, user("echo: 3"), KEY))
    a, b, c = w.read(), w.read(), w.read()
    check("pipelined", unary_of("openai", a)[0] == "echo: 1" and stream_of("openai", b)["text"] == "echo: 2" and unary_of("openai", c)[0] == "echo: 3")
    r = ask(CHAT, user("x"), {**KEY, "Connection": "close"}, wire=w)
    check("Connection: close", r.headers["connection"] == "close" and not w.more() and w.eof == "eof")
    body = json.dumps(user("echo: chunked")).encode()
    w = Wire(S)
    w.send(request(CHAT, b"", {**KEY, "Transfer-Encoding": "chunked", "Content-Length": "x"}).replace(b"Content-Length: x\r\n", b""))
    for i in range(0, len(body), 7):
        w.send(b"%x\r\n%s\r\n" % (len(body[i:i + 7]), body[i:i + 7]))
    w.send(b"0\r\n\r\n")
    check("chunked request", unary_of("openai", w.read())[0] == "echo: chunked")
    w.send(request(CHAT, b"", {**KEY, "Expect": "100-continue", "Content-Length": str(len(body))}))
    check("100-continue", w.until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n")
    w.send(body)
    check("body after 100", unary_of("openai", w.read())[0] == "echo: chunked")
    raw = request(CHAT, user("echo: slowly"), KEY)
    for i in range(0, len(raw), 11):
        w.send(raw[i:i + 11])
    check("request in pieces", unary_of("openai", w.read())[0] == "echo: slowly")
    w.close()
    for name, data, status in [("no host", b"GET /stats HTTP/1.1\r\n\r\n", 400), ("bad line", b"GET  /stats HTTP/1.1\r\nHost: x\r\n\r\n", 400), ("bad header", b"GET /stats HTTP/1.1\r\nHost: x\r\na b: c\r\n\r\n", 400),
                               ("bare LF", b"GET /stats HTTP/1.1\r\nHost: x\nA: b\r\n\r\n", 400), ("two lengths", b"POST /reset HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n", 400),
                               ("length and chunks", b"POST /reset HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
                               ("bad chunk", b"POST /reset HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400), ("huge length", b"POST /reset HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n", 413)]:
        w = Wire(S)
        w.send(data)
        r = w.read()
        check("refuses " + name, r.status == status and r.headers["connection"] == "close", r.head)
        w.close()
    w = Wire(S)
    w.send(b"GET /stats HTTP/1.0\r\n\r\n")
    check("HTTP/1.0 closes", w.read().ended == "eof")


def test_last():
    ask("/reset", None, {})
    ask(CHAT, user("s\u00e9cret [[n:3]]"), {**KEY, "X-Extra": "1"})
    l = get("/last")
    check("/last", l["method"] == "POST" and l["path"] == CHAT and json.loads(l["body"])["messages"][0]["content"] == "s\u00e9cret [[n:3]]" and l["headers"]["x-extra"] == "1" and l["json"] is True, l)
    check("/last has no key", l["headers"]["authorization"] == "Bearer present:7" and "sk-test" not in json.dumps(l), l["headers"])
    ask(MESSAGES, claude("x"), ANT)
    check("x-api-key", get("/last")["headers"]["x-api-key"] == "present:6")
    check("/last/1", get("/last/1")["path"] == CHAT and ask("/last/9", None, {}, "GET").status == 404)
    ask("/x-status-503" + CHAT, user("x"))
    s = get("/stats")
    check("/stats", s["requests"] == 3 and s["status"] == {"200": 2, "503": 1} and s["bytes_in"] > 500 and s["bytes_out"] > 500 and s["open"] >= 1, s)
    ask("/reset", None, {})
    check("/reset", get("/stats")["requests"] == 0)


def upload(lines, prefix="", boundary="b0unD", fields=None, name="in.jsonl", end="--\r\n", headers=KEY):
    """POST /v1/files as a form; lines: objects, or the bytes of the file."""
    data = lines if isinstance(lines, bytes) else b"".join(json.dumps(l).encode() + b"\n" for l in lines)
    form = b""
    for k, v in (fields or {"purpose": "batch"}).items():
        form += ("--%s\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n%s\r\n" % (boundary, k, v)).encode()
    form += ("--%s\r\nContent-Disposition: form-data; name=\"file\"; filename=\"%s\"\r\nContent-Type: application/jsonl\r\n\r\n" % (boundary, name)).encode() + data
    return ask(prefix + "/v1/files", form + ("\r\n--%s%s" % (boundary, end)).encode(), {**headers, "Content-Type": "multipart/form-data; boundary=b0unD"})


def batch_lines(texts, url=CHAT, **more):
    return [{"custom_id": str(i), "method": "POST", "url": url, "body": {"model": "gpt-5", "input": t} if url == "/v1/responses" else user(t, **more)} for i, t in enumerate(texts)]


def batch(lines, endpoint=CHAT, prefix="", **more):
    return ask(prefix + "/v1/batches", {"input_file_id": upload(lines).json["id"], "endpoint": endpoint, "completion_window": "24h", **more})


def jsonl(r):
    return [json.loads(l) for l in r.body.splitlines()]


def content(name):
    return ask("/v1/files/%s/content" % name, None, KEY, "GET")


def test_jobs_openai_files():
    lines = batch_lines(["echo: a"])
    r = upload(lines)
    f = r.json
    check("file", list(f) == ["id", "object", "bytes", "created_at", "filename", "purpose"] and f["object"] == "file" and f["filename"] == "in.jsonl" and f["purpose"] == "batch", r.text)
    check("file bytes", f["bytes"] == len(json.dumps(lines[0])) + 1 and json.loads(content(f["id"]).body) == lines[0], f)
    check("a file with CR LF inside", content(upload(b'{"a":\r\n1}'.replace(b"\r\n", b" ") + b"\r\n{}").json["id"]).body == b'{"a": 1}\r\n{}')
    error = lambda r: r.status == 400 and r.json["error"]["type"] == "invalid_request_error"
    for name, r in [("purpose", upload(lines, fields={"purpose": "assistants"})), ("field", upload(lines, fields={"purpose": "batch", "what": "x"})), ("no JSON", upload(b"{}\n{]\n")),
                    ("no object", upload(b"[1]\n")), ("blank line", upload(b"{}\n\n{}\n")), ("empty", upload(b"")), ("extension", upload(lines, name="in.txt")),
                    ("boundary", upload(lines, boundary="other")), ("end", upload(lines, end="\r\n")), ("type", ask("/v1/files", {"purpose": "batch"}))]:
        check("upload refused: " + name, error(r), r.text)
    check("line of the mistake", "Line 2" in upload(b"{}\n{]\n").json["error"]["message"])
    check("upload without a key", upload(lines, headers={}).status == 401)
    check("unknown file", content("file-99999").status == 404 and content("file-99999").json["error"]["message"])


def test_jobs_openai():
    r = batch(batch_lines(["echo: zero", "x [[status:429]]", "echo: two", "echo: three"]), metadata={"a": "b, {c}"})
    b = r.json
    keys = ["id", "object", "endpoint", "errors", "input_file_id", "completion_window", "status", "output_file_id", "error_file_id", "created_at", "in_progress_at", "expires_at", "finalizing_at", "completed_at",
            "failed_at", "expired_at", "cancelling_at", "cancelled_at", "request_counts", "metadata"]
    check("batch", list(b) == keys and b["object"] == "batch" and b["status"] == "validating" and b["request_counts"] == {"total": 0, "completed": 0, "failed": 0}, r.text)
    check("batch is printed as OpenAI prints it", r.body.startswith(b'{\n  "id": "batch_') and r.text == json.dumps(b, indent=2) and b["metadata"] == {"a": "b, {c}"}, r.text)
    look = lambda: get("/v1/batches/" + b["id"], KEY)
    one, two, three, four = look(), look(), look(), look()
    check("first look", one["status"] == "validating" and one["output_file_id"] is None is one["error_file_id"], one)
    check("second look", two["status"] == "in_progress" and two["request_counts"] == {"total": 4, "completed": 1, "failed": 1} and two["output_file_id"] is None, two)
    check("third look", three["status"] == "completed" and three["request_counts"] == {"total": 4, "completed": 3, "failed": 1} and three["completed_at"] and three == four, three)
    out, bad = jsonl(content(three["output_file_id"])), jsonl(content(three["error_file_id"]))
    check("output file", [l["custom_id"] for l in out] == ["3", "2", "0"] and list(out[0]) == ["id", "custom_id", "response", "error"] and out[0]["error"] is None, out)
    texts = [l["response"]["body"]["choices"][0]["message"]["content"] for l in out]
    check("output bodies", texts == ["echo: three", "echo: two", "echo: zero"] and {l["response"]["status_code"] for l in out} == {200} and out[0]["response"]["request_id"], texts)
    check("ids differ", len({l["id"] for l in out + bad}) == 4 == len({l["id"] for l in bad}) + 3 and len({l["response"]["body"]["id"] for l in out}) == 3)
    check("error file", len(bad) == 1 and bad[0]["custom_id"] == "1" and bad[0]["response"]["status_code"] == 429 and bad[0]["response"]["body"]["error"]["code"] == "rate_limit_exceeded", bad)
    r = ask("/v1/batches/%s/cancel" % b["id"], None)
    check("cancel of what is over", r.status == 409 and b["id"] in r.json["error"]["message"], r.text)
    check("unknown batch", ask("/v1/batches/batch_no", None, KEY, "GET").status == 404 == ask("/v1/batches/batch_no/cancel", None).status)
    check("a batch without a key", ask("/v1/batches/" + b["id"], None, {}, "GET").status == 401)


def test_jobs_openai_ends():
    look = lambda b, prefix="": get("%s/v1/batches/%s" % (prefix, b["id"]), KEY)
    for prefix in ("/ready", "/x-ready"):
        b = batch(batch_lines(["echo: a"])).json
        check(prefix, look(b, prefix)["status"] == "completed" and look(b)["error_file_id"] is None)
    b = look(batch(batch_lines(["no json [[bad-json]]", "x [[html-502]]", "[[status:400]]"], stream=False), prefix="/ready").json)
    check("ready when made", b["status"] == "completed" and b["output_file_id"] is not None, b)
    check("a line that is no JSON", content(b["output_file_id"]).body.count(b"\n") == 1 and content(b["output_file_id"]).body.startswith(b'{"id"'))
    check("HTML stands as text", [l["response"]["status_code"] for l in jsonl(content(b["error_file_id"]))] == [400, 502] and "cloudflare" in jsonl(content(b["error_file_id"]))[1]["response"]["body"])
    b = look(batch(batch_lines(["x"], stream=True)).json, "/ready")
    check("streaming is refused, output null", b["output_file_id"] is None and "stream" in jsonl(content(b["error_file_id"]))[0]["response"]["body"]["error"]["message"], b)
    b = batch(batch_lines(["echo: 0", "echo: 1", "echo: 2", "echo: 3"])).json
    c = ask("/v1/batches/%s/cancel" % b["id"], None).json
    check("cancelling", c["status"] == "cancelling" and c["cancelling_at"] and c["output_file_id"] is None, c)
    check("cancelling again", ask("/v1/batches/%s/cancel" % b["id"], {}).json == c)
    c = look(b)
    out, bad = jsonl(content(c["output_file_id"])), jsonl(content(c["error_file_id"]))
    check("cancelled", c["status"] == "cancelled" and c == look(b) and [l["custom_id"] for l in out] == ["1", "0"] and c["request_counts"]["completed"] == 2, c)
    check("not executed", [l["custom_id"] for l in bad] == ["3", "2"] and list(bad[0]) == ["id", "custom_id", "response", "error"] and bad[0]["response"] is None
          and bad[0]["error"] == {"code": "batch_cancelled", "message": "This request was not executed because the batch was cancelled."}, bad)
    b = look(batch(batch_lines(["echo: 0", "echo: 1"]), prefix="/x-job-expired").json, "/ready")
    check("expired", b["status"] == "expired" and b["expired_at"] and jsonl(content(b["error_file_id"]))[0]["error"]["code"] == "batch_expired", b)
    b = batch(batch_lines(["x"]), prefix="/x-job-failed").json
    one, two = look(b), look(b)
    check("failed", b["errors"] is None and one["status"] == "validating" and two["status"] == "failed" and two["errors"]["data"][0]["code"] == "token_limit_exceeded" and two["output_file_id"] is None, two)


def test_jobs_openai_checks():
    look = lambda b: get("/ready/v1/batches/" + b["id"], KEY)
    good = batch_lines(["echo: 0", "echo: 1"])
    for name, change, line in [("duplicate_custom_id", {"custom_id": "0"}, None), ("missing_required_parameter", {"custom_id": 7}, 2), ("invalid_method", {"method": "GET"}, 2), ("mismatched_endpoint", {"url": "/v1/responses"}, 2),
                               ("missing_required_parameter", {"body": None}, 2)]:
        b = look(batch([good[0], {**good[1], **change}]).json)
        check("failed: " + name, b["status"] == "failed" and b["errors"]["data"][0]["code"] == name and b["errors"]["data"][0]["line"] == line and b["failed_at"], b)
    for name, change in [("input_file_id", {"input_file_id": "file-0"}), ("endpoint", {"endpoint": "/v1/what"}), ("completion_window", {"completion_window": "1h"}), (None, {"more": 1})]:
        r = ask("/v1/batches", {"input_file_id": upload(good).json["id"], "endpoint": CHAT, "completion_window": "24h", **change})
        check("batch refused: %s" % name, r.status == 400 and r.json["error"]["param"] == name, r.text)
    b = look(batch(batch_lines(["echo: r", "x [[status:400]]"], "/v1/responses"), "/v1/responses").json)
    out = jsonl(content(b["output_file_id"]))
    check("responses in a batch", out[0]["response"]["body"]["object"] == "response" and out[0]["response"]["body"]["output"][-1]["content"][0]["text"] == "echo: r" and b["error_file_id"], out)
    b = look(batch([{"custom_id": "e", "method": "POST", "url": "/v1/embeddings", "body": {"model": "m", "input": ["a"]}}], "/v1/embeddings").json)
    check("embeddings in a batch", len(jsonl(content(b["output_file_id"]))[0]["response"]["body"]["data"][0]["embedding"]) == 8)
    b = look(batch(batch_lines(["x"]), prefix="/n3").json)
    check("the path's behaviours hold for the items", len(jsonl(content(b["output_file_id"]))[0]["response"]["body"]["choices"][0]["message"]["content"].split()) == 3)
    check("status in the path", batch(good, prefix="/x-status-503").status == 503 and upload(good, "/x-status-429").status == 429)
    r = ask("/x-cut-30/v1/batches/" + b["id"], None, KEY, "GET")
    check("cut batch", len(r.body) == 30 and r.ended == "eof", r.ended)
    check("bad-json batch", ask("/x-bad-json/v1/batches/" + b["id"], None, KEY, "GET").json is None and get("/x-error-in-200/v1/batches/" + b["id"], KEY)["error"])
    first = look(b)
    for _ in range(31):
        batch(good)
    check("32 jobs are kept", look(b) == first)
    batch(good)
    check("the oldest goes", look(b)["error"] and content(first["output_file_id"]).status == 404 and content(first["input_file_id"]).status == 404)


def test_jobs_anthropic():
    u = "/v1/messages/batches"
    make = lambda texts, prefix="", **more: ask(prefix + u, {"requests": [{"custom_id": str(i), "params": claude(t, **more)} for i, t in enumerate(texts)]}, ANT)
    look = lambda b, prefix="": ask("%s%s/%s" % (prefix, u, b["id"]), None, ANT, "GET")
    results = lambda b: ask("%s/%s/results" % (u, b["id"]), None, ANT, "GET")
    r = make(["echo: 0", "x [[status:529]]", "echo: 2"])
    b = r.json
    check("message batch", list(b) == ["id", "type", "processing_status", "request_counts", "ended_at", "created_at", "expires_at", "archived_at", "cancel_initiated_at", "results_url"] and b["type"] == "message_batch"
          and b["request_counts"] == {"processing": 3, "succeeded": 0, "errored": 0, "canceled": 0, "expired": 0} and b["results_url"] is None and r.headers["request-id"], r.text)
    check("two looks", look(b).json["processing_status"] == "in_progress" and look(b).json == b)
    early = results(b)
    check("results of one that has not ended", early.status == 404 and early.json["type"] == "error", early.text)
    e = look(b).json
    check("ended", e["processing_status"] == "ended" and e["request_counts"] == {"processing": 0, "succeeded": 2, "errored": 1, "canceled": 0, "expired": 0} and e["ended_at"] and e == look(b).json, e)
    check("results_url", e["results_url"] == "http://127.0.0.1%s/%s/results" % (u, b["id"]), e)
    check("results_url keeps the path's behaviours", look(b, "/x-drip-1").json["results_url"] == "http://127.0.0.1/x-drip-1%s/%s/results" % (u, b["id"]))
    r = results(b)
    l = jsonl(r)
    check("results", r.headers["content-type"] == "application/x-jsonl" and [x["custom_id"] for x in l] == ["2", "1", "0"] and [x["result"]["type"] for x in l] == ["succeeded", "errored", "succeeded"], r.text)
    check("succeeded", l[0]["result"]["message"]["content"][0]["text"] == "echo: 2" and l[0]["result"]["message"]["type"] == "message", l[0])
    check("errored", l[1]["result"]["error"] == {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, l[1])
    check("cancel of what has ended", ask("%s/%s/cancel" % (u, b["id"]), None, ANT).json["error"]["type"] == "invalid_request_error")
    b = make(["echo: 0", "echo: 1", "echo: 2"]).json
    c = ask("%s/%s/cancel" % (u, b["id"]), None, ANT).json
    check("canceling", c["processing_status"] == "canceling" and c["cancel_initiated_at"] and c["request_counts"]["processing"] == 3, c)
    c = look(b).json
    check("canceled", c["processing_status"] == "ended" and c["request_counts"] == {"processing": 0, "succeeded": 1, "errored": 0, "canceled": 2, "expired": 0}, c)
    check("canceled results", [x["result"] for x in jsonl(results(b))[:2]] == [{"type": "canceled"}] * 2 and jsonl(results(b))[2]["result"]["type"] == "succeeded")
    b = look(make(["echo: 0", "echo: 1"], "/x-job-expired").json, "/ready").json
    check("expired", b["request_counts"]["expired"] == 1 and jsonl(results(b))[0] == {"custom_id": "1", "result": {"type": "expired"}}, b)
    b = look(make(["x"], stream=True).json, "/ready").json
    check("streaming is refused", jsonl(results(b))[0]["result"]["error"]["error"]["type"] == "invalid_request_error")
    b = look(make(["x [[html-502]]"]).json, "/ready").json
    check("errored without an error object", jsonl(results(b))[0]["result"]["error"]["error"]["type"] == "api_error" and jsonl(results(b))[0]["result"]["error"]["error"]["message"].startswith("<html>"))
    for r in [ask(u + "/msgbatch_no", None, ANT, "GET"), ask(u + "/msgbatch_no/results", None, ANT, "GET"), ask(u + "/msgbatch_no/cancel", None, ANT)]:
        check("unknown message batch", r.status == 404 and r.json["error"]["type"] == "not_found_error", r.text)
    ok = {"custom_id": "a", "params": claude("x")}
    for name, body in [("none", {"requests": []}), ("no list", {}), ("id", {"requests": [{**ok, "custom_id": "a b"}]}), ("params", {"requests": [{"custom_id": "a"}]}), ("member", {"requests": [{**ok, "x": 1}]}), ("twice", {"requests": [ok, ok]})]:
        check("message batch refused: " + name, ask(u, body, ANT).status == 400)
    check("message batch without a key or a version", ask(u, {"requests": [ok]}, {**ANT, "x-api-key": ""}).status == 401 and ask(u, {"requests": [ok]}, {k: v for k, v in ANT.items() if k != "anthropic-version"}).status == 400)
    w = Wire(S, tls=ssl.create_default_context(cafile=os.path.join(OUT, "certs") + "/bundle.pem"))
    check("results_url over TLS", ask("%s/%s" % (u, b["id"]), None, ANT, "GET", wire=w).json["results_url"].startswith("https://127.0.0.1/v1/"))


def test_jobs_gemini():
    goog = {"x-goog-api-key": "k", "Content-Type": "application/json"}
    u = "/v1beta/models/gemini-2.5-flash:batchGenerateContent"
    item = lambda t, i: {"request": {"contents": [{"role": "user", "parts": [{"text": t}]}], "model": "models/gemini-2.5-flash"}, "metadata": {"key": str(i), "n": {"a b": []}}}
    body = lambda items, **more: {"batch": {"displayName": "d \"1\"", "inputConfig": {"requests": {"requests": items}}, **more}}
    make = lambda texts, prefix="": ask(prefix + u, body([item(t, i) for i, t in enumerate(texts)]), goog)
    look = lambda b, prefix="": ask("%s/v1beta/%s" % (prefix, b["name"]), None, goog, "GET")
    r = make(["echo: 0", "x [[status:400]]", "echo: 2"])
    b = r.json
    m = b["metadata"]
    check("gemini batch", list(b) == ["name", "metadata"] and list(m) == ["@type", "model", "displayName", "createTime", "updateTime", "batchStats", "state", "name"] and m["state"] == "BATCH_STATE_PENDING"
          and m["name"] == b["name"] and m["batchStats"] == {"requestCount": "3", "pendingRequestCount": "3"} and m["displayName"] == 'd "1"' and m["model"] == "models/gemini-2.5-flash", r.text)
    check("gemini batch is printed as Google prints it", r.text == json.dumps(b, indent=2) + "\n", r.text)
    one, two, three = look(b).json, look(b).json, look(b)
    check("pending, running", one == b and two["metadata"]["state"] == "BATCH_STATE_RUNNING" and "done" not in two and two["metadata"]["batchStats"] == {"requestCount": "3", "successfulRequestCount": "1", "pendingRequestCount": "2"}, two)
    e = three.json
    m = e["metadata"]
    check("succeeded", list(e) == ["name", "metadata", "done", "response"] and e["done"] is True and list(m) == ["@type", "model", "displayName", "output", "createTime", "endTime", "updateTime", "batchStats", "state", "name"]
          and m["state"] == "BATCH_STATE_SUCCEEDED" and m["batchStats"] == {"requestCount": "3", "successfulRequestCount": "2", "failedRequestCount": "1"}, three.text)
    check("printed", three.text == json.dumps(e, indent=2) + "\n", three.text)
    l = e["response"]["inlinedResponses"]["inlinedResponses"]
    check("both places", m["output"]["inlinedResponses"]["inlinedResponses"] == l and list(e["response"]) == ["@type", "inlinedResponses"])
    check("items", [x["metadata"] for x in l] == [{"key": str(i), "n": {"a b": []}} for i in range(3)] and l[0]["response"]["candidates"][0]["content"]["parts"][0]["text"] == "echo: 0" and list(l[2]) == ["response", "metadata"], l)
    check("failed item", l[1]["error"] == {"code": 3, "message": "An error of the test server, as ordered."} and list(l[1]) == ["error", "metadata"], l[1])
    cancel = lambda b: ask("/v1beta/%s:cancel" % b["name"], None, goog)
    check("cancel of what is over", cancel(b).json == {} and look(b).json == e)
    b = make(["echo: 0", "echo: 1"]).json
    check("cancel", cancel(b).json == {} and cancel(b).status == 200)
    c = look(b).json
    check("cancelled", c["metadata"]["state"] == "BATCH_STATE_CANCELLED" and c["done"] is True and c["error"]["code"] == 1 and "response" not in c, c)
    for prefix, state in (("/x-job-expired", "EXPIRED"), ("/x-job-failed", "FAILED")):
        c = look(make(["x"], prefix).json, "/ready").json
        check(prefix, c["metadata"]["state"] == "BATCH_STATE_" + state and c["done"] and c["error"], c)
    for r in (ask("/v1beta/batches/no", None, goog, "GET"), ask("/v1beta/batches/no:cancel", None, goog)):
        check("unknown gemini batch", r.status == 404 and r.json["error"]["status"] == "NOT_FOUND", r.text)
    good = item("x", 0)
    other = {**good, "request": {**good["request"], "model": "models/other"}}
    for name, wrong in [("none", body([])), ("no name", {"batch": {"inputConfig": body([good])["batch"]["inputConfig"]}}), ("member", body([good], what=1)), ("top", {**body([good]), "x": 1}), ("item", body([{**good, "key": "0"}])),
                        ("request", body([{"metadata": {}}])), ("model", body([other]))]:
        check("gemini batch refused: " + name, ask(u, wrong, goog).status == 400)
    check("gemini batch: model and key", ask(u.replace("gemini-2.5-flash", "nonexistent"), body([good]), goog).status == 404 and ask(u, body([good]), {"Content-Type": "application/json"}).status == 403)
    no_meta = look(ask(u, body([{"request": good["request"]}]), goog).json, "/ready").json
    check("no metadata", list(no_meta["response"]["inlinedResponses"]["inlinedResponses"][0]) == ["response"])


def test_jobs_mistral():
    u = "/v1/batch/jobs"
    message = lambda t, **more: {"messages": [{"role": "user", "content": t}], **more}
    body = lambda items, **more: {"endpoint": CHAT, "model": "mistral-small-latest", "requests": items, **more}
    make = lambda texts, prefix="": ask(prefix + u, body([{"custom_id": str(i), "body": message(t)} for i, t in enumerate(texts)])).json
    look = lambda b, prefix="": get("%s%s/%s" % (prefix, u, b["id"]), KEY)
    b = make(["echo: 0", "echo: 1", "x [[status:422]]"])
    check("batch job", list(b) == ["id", "object", "input_files", "metadata", "endpoint", "model", "agent_id", "output_file", "error_file", "errors", "outputs", "status", "created_at", "total_requests", "completed_requests",
                                   "succeeded_requests", "failed_requests", "started_at", "completed_at"] and b["status"] == "QUEUED" and b["model"] == "mistral-small-latest" and b["outputs"] is None and b["errors"] == [], b)
    one, two, three = look(b), look(b), look(b)
    check("queued, running", one == b and two["status"] == "RUNNING" and two["total_requests"] == 3 and two["completed_requests"] == 1 and two["output_file"] is None and two["started_at"], two)
    check("success", three["status"] == "SUCCESS" and three["succeeded_requests"] == 2 and three["failed_requests"] == 1 and three["outputs"] is None and three["completed_at"] and three == look(b), three)
    out, bad = jsonl(content(three["output_file"])), jsonl(content(three["error_file"]))
    check("job output", [l["custom_id"] for l in out] == ["1", "0"] and list(out[0]) == ["id", "custom_id", "response", "error"] and list(out[0]["response"]) == ["status_code", "body"], out)
    check("the job's model", out[1]["response"]["body"]["model"] == "mistral-small-latest" and out[1]["response"]["body"]["choices"][0]["message"]["content"] == "echo: 0", out)
    check("job errors", len(bad) == 1 and bad[0]["custom_id"] == "2" and bad[0]["response"]["status_code"] == 422, bad)
    check("cancel of what is over", ask("%s/%s/cancel" % (u, b["id"]), None).status == 400)
    b = make(["echo: 0", "echo: 1"])
    c = ask("%s/%s/cancel" % (u, b["id"]), None).json
    check("cancellation requested", c["status"] == "CANCELLATION_REQUESTED" and c["output_file"] is None, c)
    c = look(b)
    check("cancelled", c["status"] == "CANCELLED" and jsonl(content(c["output_file"]))[0]["custom_id"] == "0" and jsonl(content(c["error_file"]))[0]["error"]["code"] == "batch_cancelled", c)
    for prefix, state in (("/x-job-expired", "TIMEOUT_EXCEEDED"), ("/x-job-failed", "FAILED")):
        c = look(make(["x", "y"], prefix), "/ready")
        check(prefix, c["status"] == state and (c["errors"] != []) == (state == "FAILED") and (c["output_file"] is None) == (state == "FAILED"), c)
    b = look(ask(u, body([{"custom_id": "a", "body": message("echo: a", model="other")}])).json, "/ready")
    check("the job's model counts", b["error_file"] is None and jsonl(content(b["output_file"]))[0]["response"]["body"]["model"] == "mistral-small-latest")
    check("unknown job", ask(u + "/no", None, KEY, "GET").status == 404 == ask(u + "/no/cancel", None).status)
    good = {"custom_id": "a", "body": message("x")}
    for name, wrong in [("none", body([])), ("endpoint", {**body([good]), "endpoint": "/v1/what"}), ("model", {**body([good]), "model": None}), ("member", body([good], what=1)), ("item", body([{**good, "method": "POST"}])),
                        ("no body", body([{"custom_id": "a"}])), ("twice", body([good, good]))]:
        check("job refused: " + name, ask(u, wrong).status == 400)
    check("a job without a key", ask(u, body([good]), {"Content-Type": "application/json"}).status == 401)


def test_curl():
    if not shutil.which("curl"):
        return skip("curl", "the command is absent")
    def curl(*args):
        p = subprocess.run(["curl", "-sS", "-m", "5", "-H", "Authorization: Bearer k", "-H", "Content-Type: application/json", *args], capture_output=True)
        return p.returncode, p.stdout
    u = "http://127.0.0.1:%d" % S.port
    body = json.dumps(user("echo: by curl", stream=True))
    for path, code in [("", 0), ("/x-drip-5", 0), ("/x-chunk-1", 0), ("/x-close", 0), ("/x-http10", 0), ("/x-trailers", 0), ("/x-extra-1xx", 0), ("/x-cut-100", 18), ("/x-lying-length-more", 18), ("/x-rst-100", 56)]:
        c, out = curl(u + path + CHAT, "-d", body)
        ok = b"[DONE]" in out if code == 0 else c == code
        check("curl %s" % path, ok, (c, out[-200:]))
    c, out = curl(u + "/x-cut-head" + CHAT, "-d", body)
    check("curl gets nothing of a head that is cut", out == b"", (c, out))  # 7.88 calls it a success: status 200, no body
    v6 = socket.has_ipv6 and curl("http://[::1]:%d/stats" % S.port)[0] == 0
    check("::1", v6) if os.path.exists("/proc/net/if_inet6") and open("/proc/net/if_inet6").read() else skip("::1", "no IPv6 here")
    certs = os.path.join(OUT, "certs")
    t = "https://localhost:%d" % S.tls_port
    c, out = curl("--cacert", certs + "/bundle.pem", "--resolve", "localhost:%d:127.0.0.1" % S.tls_port, t + CHAT, "-d", body)
    check("curl over TLS", c == 0 and b"[DONE]" in out, (c, out))
    check("curl refuses an unknown CA", curl("--cacert", "/etc/ssl/certs/ca-certificates.crt", t + CHAT, "-d", body)[0] in (60, 77))


def test_tls():
    certs = os.path.join(OUT, "certs")
    ctx = ssl.create_default_context(cafile=certs + "/bundle.pem")
    w = Wire(S, tls=ctx)
    r = ask("/n20" + CHAT, user("x", stream=True), wire=w)
    check("tls stream", r.ended == "whole" and stream_of("openai", r)["n"] == 20)
    check("tls keep-alive", ask(CHAT, user("x"), wire=w).json["id"])
    r = ask("/n400/d100" + CHAT, user("x", stream=True), wire=w)
    check("tls paced", stream_of("openai", r)["n"] == 400)
    r = ask("/x-close" + CHAT, user("x"), wire=w)
    check("tls close_notify", r.ended == "eof" and r.json["id"], r.ended)
    w = Wire(S, tls=ctx)
    r = ask("/x-cut-100" + CHAT, user("x", stream=True), wire=w)
    check("tls cut without close_notify", r.ended == "cut" and len(r.body) == 100, (r.ended, len(r.body)))
    s = Server("loopback-checked", "--port", "0", "--tls-port", "0", "--cert", certs + "/expired.pem", "--key", certs + "/expired.key")
    try:
        Wire(s, tls=ctx)
        check("expired certificate", False)
    except ssl.SSLCertVerificationError as e:
        check("expired certificate", "expired" in str(e), str(e))
    check("ends with stdin", s.end() == 0)


def test_many():
    """1,000 paced streams at once on the server that users run (no sanitizer)."""
    s = Server("loopback")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    n = 1000 if min(hard, 4096) > 1100 else 200
    sel, socks, got = selectors.DefaultSelector(), [], {}
    for _ in range(n):
        c = socket.create_connection(("127.0.0.1", s.port))
        c.sendall(request("/n20/d50000" + CHAT, user("x", stream=True), KEY))
        c.setblocking(False)
        sel.register(c, selectors.EVENT_READ)
        socks.append(c)
        got[c] = b""
    left, end = n, time.time() + 30
    while left and time.time() < end:
        for key, _ in sel.select(1):
            d = key.fileobj.recv(65536)
            got[key.fileobj] += d
            if not d or got[key.fileobj].endswith(b"0\r\n\r\n"):
                sel.unregister(key.fileobj)
                left -= 1
    check("%d streams" % n, all(b"[DONE]" in b and b.count(b'"content":"') == 21 for b in got.values()), left)
    for c in socks:
        c.close()
    stats = ask("/stats", None, {}, "GET", wire=Wire(s)).json
    check("open at once", stats["open_max"] >= n and stats["streams"] == n, stats)
    with open("/proc/%d/stat" % s.p.pid) as f:
        ticks = f.read().split()
    cpu = (int(ticks[13]) + int(ticks[14])) / os.sysconf("SC_CLK_TCK")
    check("cheap: below 1 s of CPU for %d streams" % n, cpu < 1.0, cpu)
    print("%d streams of 20 events: %.2f s of server CPU" % (n, cpu))
    s.p.terminate()
    check("SIGTERM", s.p.wait(5) == 0)


def test_start():
    p = subprocess.run([os.path.join(OUT, "loopback"), "--help"], capture_output=True)
    check("--help", p.returncode == 0 and b"x-cut[-N]" in p.stdout)
    check("usage", subprocess.run([os.path.join(OUT, "loopback"), "--what"], capture_output=True).returncode == 2)
    p = subprocess.run([os.path.join(OUT, "loopback"), "--tls-port", "0"], capture_output=True)
    check("no TLS in this build", p.returncode == 1 and b"LOOPBACK_TLS" in p.stderr)
    r, w = os.pipe()
    p = subprocess.Popen([os.path.join(OUT, "loopback"), "--ready-fd", str(w), "--max-seconds", "1"], pass_fds=(w,), stdout=subprocess.PIPE)
    os.close(w)
    check("--ready-fd", os.read(r, 100).startswith(b"ready "))
    t = time.time()
    check("--max-seconds", p.wait(5) == 0 and time.time() - t < 3 and p.stdout.read() == b"")
    p = subprocess.run([os.path.join(OUT, "loopback"), "--port", str(S.port)], capture_output=True)
    check("port taken", p.returncode == 1 and b"cannot listen" in p.stderr)


certs = os.path.join(OUT, "certs")
S = Server("loopback-checked", "--tls-port", "0", "--cert", certs + "/server.pem", "--key", certs + "/server.key")
for name, test in list(globals().items()):
    if name.startswith("test_"):
        try:
            test()
        except Exception as e:
            import traceback
            traceback.print_exc()
            check(name, False, e)
            if S.p.poll() is not None:
                S = Server("loopback-checked", "--tls-port", "0", "--cert", certs + "/server.pem", "--key", certs + "/server.key")
check("the checked server ends clean (no sanitizer report)", S.end() == 0)
print("%d passed, %d failed, %d skipped" % (passed, failed, skipped))
sys.exit(failed != 0)
