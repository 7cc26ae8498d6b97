#!/usr/bin/env python3
"""Says recorded requests for embeddings, transcripts and counts of tokens in our
Request form and compares what goes out.

    operations.py [--llmf build/llmf] [--shared DIR] [-v] [FILE…]

The same as requests.py does for conversations: each recorded body is read back
into the Request of CLI.md, given to `llmf request --op …`, and what comes out is
compared with the recorded one. -v: each difference. The last line is
`N passed, N failed, N skipped`; skipped is 1 only where there is no traffic.
"""
import base64
import collections
import copy
import json
import os
import re
import subprocess
import sys
import urllib.parse

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import requests  # noqa: E402  (the script beside this one)

KEY = requests.KEY
PURPOSES = {"search_document": "document", "search_query": "query",
            "classification": "classification", "clustering": "clustering",
            "document": "document", "query": "query",
            "RETRIEVAL_DOCUMENT": "document", "RETRIEVAL_QUERY": "query",
            "CLASSIFICATION": "classification", "CLUSTERING": "clustering",
            "SEMANTIC_SIMILARITY": "similarity"}
GIVES_BASE64 = {"openai", "azure", "voyage"}    # models.def, trait B


class Said:
    """What is asked: our Request, the operation and what must be sent."""

    def __init__(self, op, provider, model, path):
        self.op, self.path = op, path
        self.request = {"model": "%s:%s" % (provider, model)}
        self.extra = {}
        self.env = {}

    def done(self):
        if self.extra:
            self.request["extra"] = self.extra
        return self


def left(body, said, known):
    """Members without a field of their own go through `extra`."""
    for name, value in body.items():
        if name not in known and value is not None:
            said.extra[name] = value


def texts_of(value):
    """The texts, or None: tokens by their numbers cannot be said."""
    if isinstance(value, str):
        return [value]
    return value if isinstance(value, list) and all(
        isinstance(v, str) for v in value) else None


# ------------------------------------------------------------- embeddings

def chat_like(record):
    body = record["request"]["body"]
    texts = texts_of(body.get("input"))
    if texts is None:
        return "texts as numbers of tokens"
    row = {"ollama": "together", "perplexity": "together"}.get(
        record["provider"], record["provider"])
    said = Said("embed", row, body["model"], "/embeddings")
    said.request["input"] = texts
    for name in ("dimensions", "output_dimension"):
        if body.get(name) is not None:
            said.request["dimensions"] = body[name]
    if body.get("user"):
        said.request["user"] = body["user"]
    if body.get("input_type"):
        said.request["purpose"] = PURPOSES[body["input_type"]]
    left(body, said, ("model", "input", "dimensions", "output_dimension",
                      "user", "input_type", "encoding_format"))
    if row == "azure":
        version = re.search(r"api-version=([^&]+)", record["request"]["url"])
        deployment = re.search(r"/deployments/([^/]+)/",
                               record["request"]["url"])
        said.env["AZURE_OPENAI_API_VERSION"] = version.group(1) \
            if version else ""
        if deployment:
            said.request["model"] = "azure:" + deployment.group(1)
    return said.done()


def chat_like_plain(body, record):
    body = {k: v for k, v in body.items() if v is not None}
    body["input"] = texts_of(body.get("input")) or body.get("input")
    if body.pop("encoding_format", "float") == "base64" and "llmf" in record \
            and record["provider"] not in GIVES_BASE64:
        body["encoding_format"] = "base64"       # ours, where no row says so
    if record["provider"] == "azure":
        body.pop("model", None)                  # stands in the path, or names it
    return body


def gemini(record):
    body = record["request"]["body"]
    first = body["requests"][0]
    texts = ["".join(p.get("text", "") for p in r["content"]["parts"])
             for r in body["requests"]]
    if any("inlineData" in p or "inline_data" in p for r in body["requests"]
           for p in r["content"]["parts"]):
        return "content that is no text"
    said = Said("embed", "gemini", first["model"][7:], ":batchEmbedContents")
    said.request["input"] = texts
    if first.get("outputDimensionality"):
        said.request["dimensions"] = first["outputDimensionality"]
    if first.get("taskType"):
        said.request["purpose"] = PURPOSES[first["taskType"]]
    left(first, said, ("model", "content", "outputDimensionality", "taskType"))
    return said.done()


def gemini_plain(body, record):
    body.pop("model", None)                      # stands in the path, too
    for r in body["requests"]:
        r["content"].pop("role", None)
        r["content"]["parts"] = ["".join(
            p["text"] for p in r["content"]["parts"])]
    return body


def vertex(record):
    body, url = record["request"]["body"], record["request"]["url"]
    model, path = re.search(r"/models/([^:]+)(:\w+)", url).groups()
    said = Said("embed", "vertex", model, path)
    if "instances" in body:
        if not all("content" in i for i in body["instances"]):
            return "no embedding"
        said.request["input"] = [i["content"] for i in body["instances"]]
        dimensions = (body.get("parameters") or {}).get("outputDimensionality")
    else:
        said.request["input"] = ["".join(
            p["text"] for p in body["content"]["parts"])]
        dimensions = body.get("outputDimensionality")
    if dimensions:
        said.request["dimensions"] = dimensions
    return said.done()


def cohere(record):
    body = record["request"]["body"]
    if "texts" not in body:
        return "content that is no text"
    said = Said("embed", "cohere", body["model"], "/v2/embed")
    said.request["input"] = body["texts"]
    said.request["purpose"] = PURPOSES[body["input_type"]]
    if body.get("output_dimension"):
        said.request["dimensions"] = body["output_dimension"]
    left(body, said, ("model", "texts", "input_type", "output_dimension",
                      "embedding_types"))
    return said.done()


def bedrock(record):
    body = record["request"]["body"]
    if "texts" not in body and '"embedding"' not in json.dumps(
            record["response"]):
        return None                              # no embedding
    model = urllib.parse.unquote(re.search(
        r"/model/(.*)/invoke", record["request"]["url"]).group(1))
    said = Said("embed", "bedrock", model, "/invoke")
    said.request["input"] = body.get("texts") or [body["inputText"]]
    if body.get("input_type"):
        said.request["purpose"] = PURPOSES[body["input_type"]]
    for name in ("dimensions", "output_dimension"):
        if body.get(name):
            said.request["dimensions"] = body[name]
    left(body, said, ("texts", "inputText", "input_type", "dimensions",
                      "output_dimension"))
    return said.done()


def ollama(record):
    body = record["request"]["body"]
    said = Said("embed", "ollama", body["model"], "/api/embed")
    said.request["input"] = texts_of(body["input"])
    left(body, said, ("model", "input"))
    return said.done()


def ollama_plain(body, record):
    body["input"] = texts_of(body["input"])
    return body


def huggingface(record):
    body = record["request"]["body"]
    model = record["request"]["url"].split("/feature-extraction/")[-1]
    said = Said("embed", "huggingface", model, None)   # the retired address
    said.request["input"] = texts_of(body["inputs"])
    left(body, said, ("inputs",))
    return said.done()


def huggingface_plain(body, record):
    body["inputs"] = texts_of(body["inputs"])
    return body


# ---------------------------------------------------------------- counts

def anthropic_count(record):
    wish = requests.anthropic_wish(requests.Wish(record, "anthropic"))
    if wish.cannot:
        return "; ".join(wish.cannot)
    said = Said("count", "anthropic", "", "/v1/messages/count_tokens")
    said.request, said.wish = wish.request, wish
    return said


def bedrock_count(record):
    inner = record["request"]["body"]["input"].get("converse")
    if inner is None:
        return "the body of another protocol"
    model = urllib.parse.unquote(re.search(
        r"/model/(.*)/count-tokens", record["request"]["url"]).group(1))
    said = Said("count", "bedrock", model, "/count-tokens")
    said.request["messages"] = [
        {"role": m["role"], "content": "".join(c["text"] for c in m["content"])}
        for m in inner["messages"]]
    if inner.get("system"):
        said.request["system"] = "".join(c["text"] for c in inner["system"])
    return said.done()


def bedrock_count_plain(body, record):
    if not body["input"]["converse"].get("system"):
        body["input"]["converse"].pop("system", None)
    return body


def gemini_count(record):
    body, url = record["request"]["body"], record["request"]["url"]
    model = re.search(r"/models/([^:]+):", url).group(1)
    said = Said("count", record["provider"], model, ":countTokens")
    said.request["messages"] = [
        {"role": {"model": "assistant"}.get(c.get("role"), "user"),
         "content": "".join(p["text"] for p in c["parts"])}
        for c in body["contents"]]
    if body.get("systemInstruction"):
        said.request["system"] = "".join(
            p["text"] for p in body["systemInstruction"]["parts"])
    left(body, said, ("contents", "systemInstruction", "generationConfig"))
    return said.done()


def gemini_count_plain(body, record):
    inner = body.get("generateContentRequest", body)
    inner.pop("model", None)
    if not inner.get("generationConfig"):
        inner.pop("generationConfig", None)
    if inner.get("systemInstruction"):
        inner["systemInstruction"].pop("role", None)
    return inner


# ---------------------------------------------------------- transcription

def form_parts(text):
    """[(name, filename or None, value)] of a recorded form."""
    boundary = text.split("\r\n", 1)[0]
    out = []
    for part in text.split(boundary)[1:-1]:
        head, value = part.strip("\r\n").split("\r\n\r\n", 1) \
            if "\r\n\r\n" in part.strip("\r\n") else (part, "")
        word = dict(re.findall(r'(name|filename)="([^"]*)"', head))
        out.append((word["name"], word.get("filename"), value))
    return out


def transcription(record):
    parts = form_parts(record["request"]["body"])
    fields = {n: v for n, f, v in parts if f is None}
    path = "/stt" if record["provider"] == "xai" else "/audio/transcriptions"
    said = Said("transcribe", record["provider"], fields.pop("model", "grok-stt"),
                path)
    name = [f for _, f, _ in parts if f is not None][0]
    said.request["audio"] = {
        "data": base64.b64encode(b"RIFF....WAVE").decode(), "name": name,
        "media_type": "audio/mpeg" if name.endswith("mp3") else "audio/wav"}
    said.stream = fields.pop("stream", None) == "true"
    for field in ("language", "prompt"):
        if field in fields:
            said.request[field] = fields.pop(field)
    said.extra.update(fields)
    return said.done()


def transcription_plain(body, record):
    """Fields in any order; of the file its name alone."""
    parts = [(p["name"], p.get("filename") or p.get("value"))
             for p in body["multipart"]] if isinstance(body, dict) else \
        [(n, f or v) for n, f, v in form_parts(body)]
    return sorted(list(p) for p in parts)


def as_it_is(body, record):
    return {k: v for k, v in body.items()
            if v is not None and k != "embedding_types"}


OPERATIONS = {
    "embeddings": (chat_like, chat_like_plain),
    "batch_embed_contents": (gemini, gemini_plain),
    "embed_content": (vertex, as_it_is), "predict": (vertex, as_it_is),
    "invoke": (bedrock, as_it_is),
    "embed_v2": (cohere, as_it_is), "api_embed": (ollama, ollama_plain),
    "feature_extraction": (huggingface, huggingface_plain),
    "audio_transcriptions": (transcription, transcription_plain),
}


def reading(record):
    """(to our Request, to the plain form), or None: not of our operations."""
    if record["operation"] != "count_tokens":
        return OPERATIONS.get(record["operation"])
    return {"anthropic": (anthropic_count, None),
            "gemini": (gemini_count, gemini_count_plain),
            "bedrock": (bedrock_count, bedrock_count_plain),
            "vertex": (gemini_count, gemini_count_plain)}.get(
                record["provider"])


# ------------------------------------------------------------------- runs

def base_url(record, said):
    url = record["request"]["url"].split("?")[0]
    if said.path is None or not url.startswith(("http://", "https://")):
        return None
    if record["provider"] == "bedrock":
        return None if "<" in url else url[:url.index("/model/")]
    if said.path.startswith(":"):
        cut = url.find("/models/")
        base = url[:cut]
        return None if "<" in base else base
    if not url.endswith(said.path) or "<" in url:
        return None
    base = url[:-len(said.path)]
    cut = base.find("/openai/deployments/")
    return base if cut < 0 else base[:cut]


def run(llmf, record, said):
    base = base_url(record, said)
    command = [llmf, "--api-key-env", KEY, "--base-url",
               base or "http://127.0.0.1:9/v1", "request", "--op", said.op]
    if getattr(said, "stream", False):
        command.append("--stream")
    done = subprocess.run(command, input=json.dumps(said.request).encode(),
                          capture_output=True, timeout=60,
                          env=dict(os.environ, **said.env))
    try:
        return json.loads(done.stdout), base
    except ValueError:
        return {"error": (done.stderr or done.stdout).decode()}, base


def judge(llmf, record, to_request, to_plain):
    """None: the same. A str: not sayable. Else (where, recorded, ours)."""
    said = to_request(record)
    if said is None or isinstance(said, str):
        return said or ""
    reply, base = run(llmf, record, said)
    if "body" not in reply:
        return "(refused)", "sent", json.dumps(reply)
    theirs = copy.deepcopy(record["request"]["body"])
    ours = copy.deepcopy(reply["body"])
    if to_plain is None:
        theirs = requests.plain(theirs, said.wish)
        ours = requests.plain(ours, said.wish)
        requests.pair_schema(theirs, ours, said.wish)
    else:
        theirs = to_plain(theirs, record)
        ours = to_plain(ours, dict(record, llmf=True))
    found = requests.difference(theirs, ours)
    recorded = re.sub(r"\?(beta=|%24alt=).*", "", record["request"]["url"])
    recorded = recorded.replace("//o", "/o")
    if record["provider"] == "bedrock":          # some clients send a bare colon
        recorded = "https:" + recorded[6:].replace(":", "%3A")
    if not found and base and reply["url"].replace("//o", "/o") != recorded:
        return "(url)", recorded, reply["url"]
    return found


def main():
    args = requests.options().parse_args()
    paths = requests.recordings(args)
    if not paths:
        return 0
    right, wrong = collections.Counter(), 0
    cannot = collections.Counter()
    for path in paths:
        with open(path, encoding="utf-8") as file:
            record = json.load(file)
        how = reading(record)
        if not how or not (record.get("request") or {}).get("body"):
            continue
        found = judge(args.llmf, record, *how)
        if isinstance(found, str):
            cannot[found] += found != ""
        elif found:
            wrong += 1
            print("FAILED: %s: %s: recorded %s, ours %s" % (
                os.path.basename(path), found[0], requests.short(found[1]),
                requests.short(found[2])))
        else:
            right[record["operation"]] += 1
    for operation, count in sorted(right.items()):
        print("%-24s %4d same" % (operation, count))
    for reason, count in sorted((+cannot).items()):
        print("%-24s %4d: %s" % ("not sayable", count, reason))
    print("%d passed, %d failed, 0 skipped" % (sum(right.values()), wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
