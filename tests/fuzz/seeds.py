#!/usr/bin/env python3
"""Writes inputs to begin with for fuzz_call, fuzz_config, fuzz_yaml, fuzz_prompt, fuzz_request, fuzz_conversation, fuzz_jobs, fuzz_tokens and fuzz_xml: seeds.py FOLDER makes FOLDER/fuzz_call/… and so on.

They are made of the transcripts and of the config tests' texts and corpus, so that fuzzing starts from replies and configs that mean something."""
import base64
import os
import random
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
STATUS = {200: 0, 400: 5, 401: 6, 404: 7, 429: 8, 500: 9, 503: 10}  # places in fuzz_call.c's list


def write(folder, name, data):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "wb") as f:
        f.write(data[:4096])


# ---- fuzz_call: 20 bytes of plan, then the body of a transcript ----

def expand(match):
    text = match.group(1)
    if text == b"!":
        return b""
    hexes, _, count = text.partition(b"*")
    return bytes.fromhex(hexes.decode()) * min(int(count or 1), 2000)


def transcript(path):
    """(plan's first bytes, body) of a transcript."""
    first, body, inside = bytearray(20), b"", False
    with open(path, encoding="utf-8") as f:
        for line in f.read().split("\n"):
            word, _, rest = line.partition(" ")
            inside = word != "events" and (inside or word == "body")
            if word == "model":
                first[0] |= {"anthropic": 1, "ollama": 2}.get(rest.split(":")[0], 0)
            elif word == "stream":
                first[0] |= 64
            elif word == "status":
                first[2] = STATUS.get(int(rest), 9)
            elif inside and line.startswith("|-"):
                body += line[3:].encode()
            elif inside and line.startswith("|"):
                body += line[2:].encode() + b"\n"
    return first, re.sub(rb"\{\{([^}]*)\}\}", expand, body)


def calls(folder):
    rng = random.Random(1)
    transcripts = os.path.join(TESTS, "transcripts")
    for name in sorted(os.listdir(transcripts)):
        if not name.endswith(".txt"):
            continue
        plan, body = transcript(os.path.join(transcripts, name))
        for kind in range(4):
            p = bytearray(plan)
            if kind:
                p[1], p[4], p[14] = rng.randrange(11), rng.randrange(67), rng.randrange(24)
            if kind == 1:
                p[5] = rng.randrange(256)
            if kind == 2:
                p[6] = rng.choice((1, 2, 4, 8, 24, 32, 64))
                p[7], p[11], p[12], p[13] = rng.randrange(256), rng.randrange(60), rng.randrange(256), rng.randrange(256)
            if kind == 3:
                p[3] = rng.randrange(16)
            write(folder, "%s.%d" % (name, kind), bytes(p) + body)
    toy = b"thello\nrthink\ncabcd{\"a\":1}\nfstop\nu1234\nd\n"
    write(folder, "toy", bytes([3] + [0] * 19) + toy)
    write(folder, "toy-stream", bytes([3 | 64] + [0] * 19) + b"".join(b"data: " + l + b"\n\n" for l in toy.split(b"\n") if l))


# ---- fuzz_config: the texts of test_config.c, and what test_prompts.c has of bad ones ----

def configs(folder):
    with open(os.path.join(TESTS, "unit", "test_config.c"), encoding="utf-8") as f:
        source = f.read()
    found = re.finditer(r'(?:load_text|load_good|config_text = )\s*\(?((?:\s*"(?:[^"\\]|\\.)*"\s*)+)', source)
    for i, match in enumerate(found):
        text = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', match.group(1)))
        data = text.encode().decode("unicode_escape").encode("latin-1", "replace")
        for variables in (0, 255):
            write(folder, "%d.%d" % (i, variables), bytes([0, variables]) + data + b"\0fast\0{temperature: 0, max_tokens: 99}")
    for i, data in enumerate(rows("bad_row bad")):
        write(folder, "prompts.%d" % i, bytes([0, 0]) + data + b"\0fast\0{}")
    for name, data in corpus():
        if b"\0" not in data:
            write(folder, "corpus." + name, b"\0\377" + data + b"\0a\0{temperature: 0}")


# ---- fuzz_prompt: the rows of test_prompts.c ----

def rows(table):
    """The first text of each row of a table of test_prompts.c."""
    with open(os.path.join(TESTS, "unit", "test_prompts.c"), encoding="utf-8") as f:
        source = f.read()
    body = source[source.index("static const " + table + "[]"):]
    for match in re.finditer(r'^    \{"((?:[^"\\]|\\.)*)", ', body[:body.index("\n};")], re.M):
        yield match.group(1).encode().decode("unicode_escape").encode("latin-1", "replace")


def prompts(folder):
    for i, data in enumerate(rows("text_row texts")):
        for value in (b'{"a":{"b":[10,"x<",{"c":null}]}}', b"Here:\n```json\n[1]\n```", b"- one\n2. two"):
            data = data.replace(b"text", b"a").replace(b"json.", b"a.").replace(b"list", b"c")
            write(folder, "%d.%d" % (i, len(value)), b"\0" + data + b"\0" + value)


# ---- fuzz_conversation: three bytes (memory, window, rules), then a saved conversation ----

def conversations(folder):
    call = '{"role":"assistant","tool_calls":[{"id":"c","name":"f","arguments":{"a":[1]}},{"id":"d","name":"g","arguments_raw":"{\\"cut"}],"state":"s","reasoning":"r"}'
    result = '{"role":"tool","tool_call_id":"c","name":"f","content":"%s","is_error":true}' % ("result " * 20)
    part = '{"role":"user","content":[{"type":"text","text":"t"},{"type":"image","data":"AP8B/gA=","media_type":"image/png","detail":"low"},{"type":"file","url":"https://a/x","name":"n"}]}'
    for name, messages in (("none", []), ("one", ['{"role":"user","content":"h\\u0069"}']), ("parts", [part]), ("turn", ['{"role":"system","content":"S","name":"summary"}', part, call, result]),
                           ("turns", [part, call, result, '{"role":"assistant","content":"x"}'] * 3)):
        body = '{"llmf_conversation":1,"system":"s","messages":[%s]}' % ",\n".join(messages)
        for rules in (0, 1, 6, 10):
            write(folder, "%s.%d" % (name, rules), bytes([0, 20, rules]) + body.encode())


# ---- fuzz_structured: a byte, a schema, a NUL, an answer: the rows of test_structured.c, and answers that are not quite JSON ----

def structured(folder):
    with open(os.path.join(TESTS, "unit", "test_structured.c"), encoding="utf-8") as f:
        source = f.read()
    text = r'"((?:[^"\\]|\\.)*)"'
    for i, match in enumerate(re.finditer(r"^        \{" + text + ", " + text + ", LLMF_", source, re.M)):
        schema, value = (match.group(k).encode().decode("unicode_escape").encode("latin-1", "replace") for k in (1, 2))
        write(folder, "check.%d" % i, b"\0" + schema + b"\0" + value)
    schema = b'{"type":"object","properties":{"name":{"type":"string","pattern":"^[a-z]{1,9}$"},"n":{"type":"integer"},"list":{"items":{"maximum":9},"uniqueItems":true}}}'
    for i, value in enumerate((b'{"name":"ab","n":1,"list":[1,2]}', b"```json\n{'name': 'a\\'b', n: 1, /* c */ \"list\": [1,],} // x\n```", b'Say [x]: {"name": "ab", "list": [1, 2', b'{"name": "\\ud83d\\ude00 a', b"[True, None, -1e3, \"\n\"]", b"# A\n<a b='>'>&amp;<a/></a>\n```c\nx\n```\n|a|b|\n|-|:-:|\n|1|\\||\n## B", b'a,b\n"1,""",2\n')):
        for first in (0, 2, 15):
            write(folder, "answer.%d.%d" % (i, first), bytes([first]) + schema + b"\0" + value)


# ---- the files of tests/config/corpus.txt: for fuzz_config and fuzz_yaml ----

def corpus():
    """(name, bytes) of each."""
    name, data = "", b""
    with open(os.path.join(TESTS, "config", "corpus.txt"), "rb") as f:
        for line in f.read().split(b"\n"):
            begins = re.match(rb"=== (\S+)|=file (\S+)", line)
            if begins:
                if data:
                    yield name, data
                name, data = (name.split("=")[0] + "=" + begins.group(2).decode() if begins.group(2) else begins.group(1).decode()), b""
            elif name and not re.match(rb"=[!~w] ", line):
                line = re.sub(rb"\{\{((?:[0-9a-f]{2})+)(?:\*([0-9]+))?\}\}", lambda m: bytes.fromhex(m.group(1).decode()) * int(m.group(2) or 1), line)
                data += line[:-5] if line.endswith(b"{{!}}") else line + b"\n"
    if data:
        yield name, data


def yamls(folder):
    for name, data in corpus():
        write(folder, "corpus." + name, b"\0" + data)


# ---- fuzz_request: fields as fuzz_request.c reads them ----

def text(s=b""):
    s = s.encode() if isinstance(s, str) else s
    return bytes([len(s)]) + s if s else b"\0\0"


def message(role, content="", parts=(), tool_calls=(), state="", answers=""):
    out = bytes([role + 1]) + text(content) + bytes([len(parts)]) + b"".join(parts) + bytes([len(tool_calls)])
    return out + b"".join(text(a) + text(b) + text(c) for a, b, c in tool_calls) + text(state) + text() + text(answers) + text() + b"\0"


def part(kind, data=b"", url=""):
    given = (b"\1" + text(data) if data else b"\0") + (b"\1" + text(url) if url else b"\0")
    return bytes([kind + 1]) + text() + given + text("image/png") + text() + text()


def request(which, bits=0, prompt="", system="", messages=(), tools=(), choice="", form="", stop=(), reasoning="", extra=""):
    out = bytes([which, 5, 0, bits | (1 if prompt else 0)]) + (text(prompt) if prompt else b"") + text(system)
    out += bytes([len(messages)]) + b"".join(messages) + bytes([len(tools)])
    out += b"".join(text(n) + text(d) + text(p) + b"\1" for n, d, p in tools) + text(choice) + b"\1" + text(form)
    return out + bytes([2, 0, 1, len(stop)]) + b"".join(map(text, stop)) + b"\1" + text(reasoning) + text() + text(extra)


def requests(folder):
    schema = '{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]}'
    for which in range(8):
        for name, data in {
            "plain": request(which, prompt="hello", system="be brief"),
            "tools": request(which, 8, choice="required", tools=[("look", "looks", schema)], messages=[
                message(0, "hi"), message(1, tool_calls=[("call_1", "look", '{"a":1}')]), message(3, "result", answers="call_1")]),
            "schema": request(which, prompt="x", form=schema, stop=["END"], extra='{"n":1,"stream":true}', reasoning="low"),
            "image": request(which, messages=[message(0, "see", parts=[part(1, b"\x89PNG\r\n\x1a\n1234"), part(1, url="https://h/x.png")])]),
            "state": request(which, 6, messages=[message(0, "a"), message(1, "b", state='openai/openai:{"reasoning_content":"x"}'), message(0, "c")]),
            "budget": request(which, prompt="x", reasoning="4096 tokens"),
        }.items():
            write(folder, "%d.%s" % (which, name), data)


# ---- fuzz_xml: two bytes (operation and status, room), then a reply or an address ----

def services(folder):
    page = ('<?xml version="1.0"?><ListBucketResult xmlns="u"><NextContinuationToken>1/+=</NextContinuationToken><IsTruncated>true</IsTruncated><EncodingType>url</EncodingType>'
            '<Contents><Key>a&amp;b&#x41;</Key><ETag>&quot;e&quot;</ETag></Contents><CommonPrefixes><Prefix><![CDATA[p/]]></Prefix></CommonPrefixes></ListBucketResult>')
    wrong = "<Error><Code>AuthorizationHeaderMalformed</Code><Message>m AKIAIOSFODNN7EXAMPLE</Message><Region>eu-west-1</Region></Error>"
    for name, first, body in (("list", 1, page), ("listed", 1, page.replace("<EncodingType>url</EncodingType>", "")), ("object", 0, "value"), ("moved", 192, wrong), ("wrong", 64, wrong),
                              ("parameter", 2, '{"Parameter":{"Type":"SecureString","Value":"a\\u00e4","Version":3}}'), ("secret", 3, '{"SecretBinary":"aGVsbG8=","VersionId":"v"}'),
                              ("throttled", 66, '{"__type":"x#ThrottlingException","message":"m"}'), ("s3", 8, "s3://bucket/a/b?region=eu-west-1&path_style=true&endpoint=http://h:1/x"),
                              ("folder", 8, "s3://bucket.name/a/"), ("ssm", 8, "ssm:/a/b?profile=a%20b"), ("arn", 8, "ssm:arn:aws:ssm:us-east-2:1:parameter/a")):
        write(folder, name, bytes([first, 30]) + body.encode())


# ---- fuzz_tokens: one byte that chooses, then a text, a file of ranks, or what is changed in one ----

def tokens(folder):
    with open(os.path.join(TESTS, "data", "tokens.txt"), "rb") as f:
        for i, paragraph in enumerate(f.read().split(b"\n\n")):
            write(folder, "text.%d" % i, bytes([i % 2]) + paragraph)
    write(folder, "special", b"\5a<|endoftext|><|fim_prefix|>b")
    ranks = b"".join(b"%s %d\n" % (base64.b64encode(bytes([i])), i) for i in range(256)) + b"YWE= 256\nYWFh 257\n"
    write(folder, "ranks", b"\2" + ranks)
    write(folder, "changed", b"\3\1\1AAA= 5\n")
    write(folder, "image", b"\4" + bytes(range(64)))


# ---- fuzz_jobs: six bytes (host and action, flags, piece, cut, memory), then the reply to all its requests ----

def jobs(folder):
    chat = '{"id":"a","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":7,"completion_tokens":3}}'
    state = ('{"id":"batch_1","status":"completed","output_file_id":"file-a","error_file_id":"file-b","errors":{"data":[{"message":"m"}]},"request_counts":{"total":4,"completed":3,"failed":1},'
             '"custom_id":"%d","response":{"status_code":%d,"body":%s},"error":null}\n')
    outputs = '{"id":"1","status":"SUCCESS","outputs":[{"custom_id":"2","response":{"status_code":200,"body":%s},"error":null}],"total_requests":2}' % chat
    ended = ('{"id":"msgbatch_1","processing_status":"ended","request_counts":{"processing":0,"succeeded":1,"errored":1,"canceled":0,"expired":0},"custom_id":"1","result":{"type":"%s",'
             '"message":{"type":"message","role":"assistant","content":[{"type":"text","text":"hi"}],"stop_reason":"end_turn","usage":{"input_tokens":7,"output_tokens":3}},'
             '"error":{"type":"error","error":{"type":"invalid_request_error","message":"m"}}}}\n')
    results = ('{"inlinedResponses":[{"response":{"candidates":[{"content":{"parts":[{"text":"4"}],"role":"model"},"finishReason":"STOP"}]},"metadata":{"key":"1"}},'
               '{"error":{"code":8,"message":"m"},"metadata":{"key":"0"}}]}')
    google = '{"name":"batches/1","metadata":{"output":{"inlinedResponses":%s},"batchStats":{"requestCount":"2"},"state":"BATCH_STATE_SUCCEEDED"},"response":{"inlinedResponses":%s}}' % (results, results)
    for host, texts in enumerate(([state % (1, 200, chat), state % (2, 400, '{"error":{"message":"m"}}')], [state % (0, 200, chat)], [outputs], [ended % w for w in ("succeeded", "errored", "expired")], [google])):
        for i, text in enumerate(texts):
            for action in range(4):
                for flags in (0, 1, 33):
                    write(folder, "%d.%d.%d.%d" % (host, i, action, flags), bytes([host + 5 * action, flags, 0 if flags else 7, 0, 0, 0]) + text.encode())


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: seeds.py FOLDER")
    calls(os.path.join(sys.argv[1], "fuzz_call"))
    configs(os.path.join(sys.argv[1], "fuzz_config"))
    prompts(os.path.join(sys.argv[1], "fuzz_prompt"))
    conversations(os.path.join(sys.argv[1], "fuzz_conversation"))
    jobs(os.path.join(sys.argv[1], "fuzz_jobs"))
    structured(os.path.join(sys.argv[1], "fuzz_structured"))
    yamls(os.path.join(sys.argv[1], "fuzz_yaml"))
    requests(os.path.join(sys.argv[1], "fuzz_request"))
    tokens(os.path.join(sys.argv[1], "fuzz_tokens"))
    services(os.path.join(sys.argv[1], "fuzz_xml"))
