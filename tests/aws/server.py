#!/usr/bin/env python3
"""A loopback server that speaks S3, SSM, Secrets Manager and plain HTTP.

    server.py --root DIR [--port N] [--page N] [--region R] [--any-time]
              [--unsigned] [--seconds N]

It prints its port, one line, and serves on 127.0.0.1 until it is ended or N
seconds (600) are over. All signatures are checked: Signature Version 4 is
computed here from its specification, not by our code. What is served stands
in DIR and is read anew for each request, so a test changes it as it goes:

    s3/BUCKET/KEY   an object
    s3.json         {"BUCKET": {"region": "eu-west-1", "objects": {"KEY":
                    "text", "KEY2": {"base64": "…"}}}}: more of them, also
                    with keys that no file has; a bucket with a region
                    answers to requests that are signed for it only
    ssm.json        {"NAME": "value" or {"Value", "Type", "Version"}}
    secrets.json    {"ID": "text" or {"SecretString" or "SecretBinary":
                    base64, "VersionId", "VersionStages"}, or a list of
                    such versions}
    doc/PATH        /doc/PATH over plain HTTP, unsigned, with ETag
    keys.json       {"ACCESS KEY ID": {"secret", "token"}}; without it
                    AKIDEXAMPLE, and ASIAEXAMPLE with the token "session"

S3 is spoken in both styles: /BUCKET/KEY, and /KEY where Host is BUCKET.HOST.

    POST /_control  {"fault": NAME, "times": 1, "match": "", …} makes the
                    next requests fail whose method, target or X-Amz-Target
                    hold "match"; faults below. {"page": N}: keys of a page.
                    {"authorization": "Bearer x"}: what /doc/ wants.
                    {"headers": {…}}: what /doc/ answers besides.
                    {"reset": true}: no faults, an empty log
    GET /_log       [{"method", "target", "host", "service", "operation",
                    "status", "key_id", "region", "headers", "body"}, …]

Faults: throttle, error (500), denied, expired, region (with "region": 301
and x-amz-bucket-region; "malformed": 400 and <Region>), cut (half a body),
drip ("seconds" between pieces), slow ("seconds" before), close (no reply),
garbage (a page of a proxy), empty (200 and nothing), redirect ("to").
"""
import argparse
import base64
import datetime
import gzip
import hashlib
import hmac
import http.server
import json
import os
import re
import socketserver
import sys
import threading
import time
import urllib.parse
import xml.sax.saxutils

EXAMPLE = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
KEYS = {"AKIDEXAMPLE": {"secret": EXAMPLE},
        "ASIAEXAMPLE": {"secret": EXAMPLE, "token": "session"}}
SKEW = 15 * 60
UNSIGNED = "UNSIGNED-PAYLOAD"
TARGETS = {"AmazonSSM.GetParameter": ("ssm", "GetParameter"),
           "secretsmanager.GetSecretValue": ("secretsmanager",
                                             "GetSecretValue")}


# ------------------------------------------------------- Signature Version 4

def encode(raw, safe=b""):
    """UriEncode of the specification: all but A-Z a-z 0-9 - . _ ~."""
    return "".join(chr(c) if chr(c) in "-._~" or c in safe or (
        c < 128 and chr(c).isalnum()) else "%%%02X" % c for c in raw)


def canonical_path(path, once, normalize):
    raw = path.encode("latin-1")
    if once:                             # S3: what the path means, encoded
        return encode(urllib.parse.unquote_to_bytes(raw), b"/") or "/"
    if normalize:
        out = []
        for part in raw.split(b"/"):
            if part == b"..":
                out = out[:-1]
            elif part not in (b"", b"."):
                out.append(part)
        tail = raw.endswith((b"/", b"/.", b"/.."))
        raw = b"/" + b"/".join(out) + (b"/" if tail and out else b"")
    return encode(raw, b"/") or "/"      # what was sent, encoded again


def canonical_query(query):
    pairs = []
    for one in query.split("&"):
        if one:
            name, _, value = one.partition("=")
            pairs.append(tuple(encode(urllib.parse.unquote_to_bytes(
                x.encode("latin-1"))) for x in (name, value)))
    return "&".join("%s=%s" % pair for pair in sorted(pairs))


def canonical_request(method, target, headers, names, payload, once,
                      normalize):
    """headers: [(name, value)] in the order in which they came."""
    path, _, query = target.partition("?")
    lines = [method, canonical_path(path, once, normalize),
             canonical_query(query)]
    for name in names:
        values = [" ".join(v.split()) for n, v in headers
                  if n.lower() == name]
        lines.append("%s:%s" % (name, ",".join(values)))
    return "\n".join(lines + ["", ";".join(names), payload])


def string_to_sign(date, scope, canonical):
    return "\n".join(["AWS4-HMAC-SHA256", date, scope,
                      hashlib.sha256(canonical.encode("latin-1"))
                      .hexdigest()])


def signature(secret, scope, to_sign):
    key = ("AWS4" + secret).encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, to_sign.encode("latin-1"),
                    hashlib.sha256).hexdigest()


AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/,\s]+)/(\d{8})/([^/,\s]+)/([^/,\s]+)/"
    r"aws4_request, SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})\Z")


class Refused(Exception):
    """What is wrong with a signature, in S3's word and the others'."""

    def __init__(self, status, s3, other, message, **more):
        super().__init__(message)
        self.status, self.s3, self.other, self.more = status, s3, other, more


def check(server, method, target, headers, body, service):
    """(key id, region) of a request whose signature is right."""
    one = {n.lower(): v for n, v in headers}
    match = AUTHORIZATION.match(one.get("authorization", ""))
    if not match:
        raise Refused(403, "AccessDenied", "MissingAuthenticationTokenException",
                      "Access Denied")
    key_id, day, region, named, signed, given = match.groups()
    names, date = signed.split(";"), one.get("x-amz-date", "")
    keys = server.read("keys.json") or KEYS
    if key_id not in keys:
        raise Refused(403, "InvalidAccessKeyId", "UnrecognizedClientException",
                      "The AWS Access Key Id you provided does not exist in "
                      "our records.", AWSAccessKeyId=key_id)
    if names != sorted(names) or "host" not in names:
        raise Refused(403, "AccessDenied", "InvalidSignatureException",
                      "'Host' must be a SignedHeader, in order.")
    for name in one:
        if name.startswith("x-amz-") and name not in names:
            raise Refused(403, "AccessDenied", "InvalidSignatureException",
                          "There were headers present in the request which "
                          "were not signed", HeadersNotSigned=name)
    if one.get("x-amz-security-token") != keys[key_id].get("token"):
        raise Refused(400, "InvalidToken", "UnrecognizedClientException",
                      "The provided token is malformed or otherwise invalid.")
    if named != service or day != date[:8]:
        raise Refused(400, "AuthorizationHeaderMalformed",
                      "InvalidSignatureException", "Credential should be "
                      "scoped to correct service: '%s'." % service)
    try:
        sent = datetime.datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(
            tzinfo=datetime.timezone.utc).timestamp()
    except ValueError:
        raise Refused(403, "AccessDenied", "IncompleteSignature",
                      "AWS authentication requires a valid Date") from None
    if not server.any_time and abs(sent - time.time()) > SKEW:
        raise Refused(403, "RequestTimeTooSkewed", "InvalidSignatureException",
                      "The difference between the request time and the "
                      "current time is too large.", RequestTime=date)
    payload = one.get("x-amz-content-sha256") if service == "s3" \
        else hashlib.sha256(body).hexdigest()
    if payload is None or payload not in (
            UNSIGNED, hashlib.sha256(body).hexdigest()):
        raise Refused(400, "XAmzContentSHA256Mismatch",
                      "InvalidSignatureException", "The provided 'x-amz-"
                      "content-sha256' header does not match what was "
                      "computed.")
    scope = "%s/%s/%s/aws4_request" % (day, region, service)
    to_sign = string_to_sign(date, scope, canonical_request(
        method, target, headers, names, payload, service == "s3",
        service != "s3"))
    if not hmac.compare_digest(given, signature(keys[key_id]["secret"], scope,
                                                to_sign)):
        raise Refused(403, "SignatureDoesNotMatch",
                      "InvalidSignatureException", "The request signature we "
                      "calculated does not match the signature you provided. "
                      "Check your key and signing method.",
                      AWSAccessKeyId=key_id, StringToSign=to_sign,
                      SignatureProvided=given)
    return key_id, region


# --------------------------------------------------------------------- state

class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, given):
        super().__init__(("127.0.0.1", given.port), Handler)
        self.root, self.page, self.region = given.root, given.page, given.region
        self.any_time, self.unsigned = given.any_time, given.unsigned
        self.lock = threading.Lock()
        self.log, self.faults = [], []
        self.authorization, self.extra = None, {}

    def server_bind(self):               # without asking for a name of 127.0.0.1
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)

    def read(self, name):
        """A file of the root as JSON; None where it is not there."""
        try:
            with open(os.path.join(self.root, name), encoding="utf-8") as f:
                return json.load(f)
        except FileNotFoundError:
            return None

    def file(self, folder, path):
        """The bytes of a file below the folder, None where there is none."""
        base = os.path.realpath(os.path.join(self.root, folder))
        full = os.path.realpath(os.path.join(base, path))
        if not full.startswith(base + os.sep) or not os.path.isfile(full):
            return None
        with open(full, "rb") as f:
            return f.read()

    def bucket(self, name):
        """({key: bytes}, region or None), None where there is no bucket."""
        said = (self.read("s3.json") or {}).get(name)
        folder = os.path.join(self.root, "s3", name)
        if said is None and not os.path.isdir(folder):
            return None
        objects = {}
        for where, _, files in os.walk(folder):
            for file in files:
                full = os.path.join(where, file)
                with open(full, "rb") as f:
                    objects[os.path.relpath(full, folder)
                            .replace(os.sep, "/")] = f.read()
        for key, value in ((said or {}).get("objects") or {}).items():
            objects[key] = value.encode() if isinstance(value, str) \
                else base64.b64decode(value["base64"])
        return objects, (said or {}).get("region")

    def fault(self, text):
        """The next fault that is meant for this request."""
        with self.lock:
            for fault in self.faults:
                if fault["times"] > 0 and fault.get("match", "") in text:
                    fault["times"] -= 1
                    return fault
        return None

    def control(self, order):
        with self.lock:
            if order.get("reset"):
                del self.log[:]
                del self.faults[:]
                self.authorization, self.extra = None, {}
            if "page" in order:
                self.page = int(order["page"])
            if "authorization" in order:
                self.authorization = order["authorization"]
            if "headers" in order:
                self.extra = order["headers"]
            if "fault" in order:
                if order["fault"] not in FAULTS:
                    raise ValueError("no such fault: %s" % order["fault"])
                self.faults.append(dict({"times": 1}, **order))


# ------------------------------------------------------------------- replies

def etag_of(data):
    return '"%s"' % hashlib.md5(data).hexdigest()


def tag(name, text):
    return "<%s>%s</%s>" % (name, xml.sax.saxutils.escape(
        str(text), {'"': "&quot;"}), name)


def matches(header, etag):
    """If-None-Match."""
    return header is not None and (header.strip() == "*" or etag in [
        re.sub(r"\AW/", "", one.strip()) for one in header.split(",")])


class Reply:
    def __init__(self, status, body=b"", kind=None, **headers):
        self.status = status
        self.body = body.encode() if isinstance(body, str) else body
        self.headers = {k.replace("_", "-"): v for k, v in headers.items()}
        if kind:
            self.headers["content-type"] = kind


def xml_reply(status, body, **headers):
    return Reply(status, '<?xml version="1.0" encoding="UTF-8"?>\n' + body,
                 "application/xml", **headers)


def s3_error(status, code, message, headers=None, **more):
    return xml_reply(status, "<Error>%s</Error>" % "".join(
        tag(n, v) for n, v in [("Code", code), ("Message", message)]
        + list(more.items()) + [("RequestId", "LOOPBACK"),
                                ("HostId", "LOOPBACK")]), **(headers or {}))


def json_error(status, kind, message=None, name="message"):
    body = {"__type": kind}
    if message is not None:
        body[name] = message
    return Reply(status, json.dumps(body), "application/x-amz-json-1.1")


def error_of(service, status, s3, other, message, **more):
    if service == "s3":
        return s3_error(status, s3, message, **more)
    if service == "doc":
        return Reply(status, message + "\n", "text/plain")
    return json_error(500 if status == 500 else 400, other, message)


FAULTS = {
    "throttle": (503, "SlowDown", "ThrottlingException", "Rate exceeded"),
    "error": (500, "InternalError", "InternalServerError",
              "We encountered an internal error. Please try again."),
    "denied": (403, "AccessDenied", "AccessDeniedException", "Access Denied"),
    "expired": (400, "ExpiredToken", "ExpiredTokenException",
                "The provided token has expired."),
    "region": None, "malformed": None, "cut": None, "drip": None,
    "slow": None, "close": None, "garbage": None, "empty": None,
    "redirect": None,
}


def failed(fault, service):
    """The reply that a fault makes; None: the real one, spoilt on its way."""
    name = fault["fault"]
    if FAULTS[name]:
        status, s3, other, message = FAULTS[name]
        return error_of(service, fault.get("status", status), s3, other,
                        message)
    region = fault.get("region", "eu-west-1")
    if name == "region":
        return s3_error(301, "PermanentRedirect", "The bucket you are "
                        "attempting to access must be addressed using the "
                        "specified endpoint.",
                        {"x-amz-bucket-region": region})
    if name == "malformed":
        return s3_error(400, "AuthorizationHeaderMalformed", "The "
                        "authorization header is malformed; the region is "
                        "wrong", Region=region)
    if name == "garbage":
        return Reply(200, "<html><body>Sign in to the network</body></html>",
                     "text/html")
    if name == "empty":
        return Reply(200)
    if name == "redirect":
        return Reply(fault.get("status", 302), b"", location=fault["to"])
    return None


# ------------------------------------------------------------------ services

def token_of(text):
    """Opaque, and with all the characters that a URL must encode."""
    return base64.b64encode(b"\xfb\xef\xff\x00" + text.encode()).decode()


def after_token(token):
    try:
        raw = base64.b64decode(token, validate=True)
    except ValueError:
        return None
    return raw[4:].decode() if raw[:4] == b"\xfb\xef\xff\x00" else None


def list_objects(server, name, objects, query):
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
    most = min(int(query.get("max-keys", 1000)), server.page)
    url = query.get("encoding-type") == "url"
    after = query.get("start-after", "")
    if "continuation-token" in query:
        after = after_token(query["continuation-token"])
        if after is None:
            return s3_error(400, "InvalidArgument",
                            "The continuation token provided is incorrect")
    items = []                           # (text, True for a prefix)
    for key in sorted(objects, key=lambda k: k.encode()):
        if not key.startswith(prefix):
            continue
        at = key.find(delimiter, len(prefix)) if delimiter else -1
        item = (key, False) if at < 0 else (key[:at + len(delimiter)], True)
        if item not in items[-1:]:
            items.append(item)
    items = [i for i in items if i[0].encode() > after.encode()]
    shown, more = items[:most], len(items) > most

    def said(text):
        return encode(text.encode(), b"/") if url else text
    body = tag("Name", name) + tag("Prefix", said(prefix))
    if more:
        body += tag("NextContinuationToken", token_of(shown[-1][0]))
    body += tag("KeyCount", len(shown)) + tag("MaxKeys", most)
    if url:
        body += tag("EncodingType", "url")
    body += tag("IsTruncated", "true" if more else "false")
    for key, is_prefix in shown:
        if not is_prefix:
            body += "<Contents>%s</Contents>" % (
                tag("Key", said(key)) + tag("ETag", etag_of(objects[key]))
                + tag("Size", len(objects[key])))
    for key, is_prefix in shown:
        if is_prefix:
            body += "<CommonPrefixes>%s</CommonPrefixes>" % tag("Prefix",
                                                                said(key))
    return xml_reply(200, '<ListBucketResult xmlns="http://s3.amazonaws.com/'
                     'doc/2006-03-01/">%s</ListBucketResult>' % body)


def s3(server, request):
    bucket = server.bucket(request.bucket)
    if bucket is None:
        return s3_error(404, "NoSuchBucket",
                        "The specified bucket does not exist",
                        BucketName=request.bucket)
    objects, region = bucket
    if region and request.region not in (region, None):
        return failed({"fault": "region", "region": region}, "s3")
    if request.operation == "ListObjectsV2":
        return list_objects(server, request.bucket, objects, request.query)
    data = objects.get(request.key)
    if data is None:
        return s3_error(404, "NoSuchKey", "The specified key does not exist.",
                        Key=request.key)
    etag = etag_of(data)
    if matches(request.header("if-none-match"), etag):
        return Reply(304, ETag=etag)
    return Reply(200, data, "binary/octet-stream", ETag=etag)


def ssm(server, request):
    name = request.json.get("Name")
    found = (server.read("ssm.json") or {}).get(
        re.sub(r"\Aarn:[^/]*:parameter", "", name or ""), None)
    if found is None and name:
        found = (server.read("ssm.json") or {}).get(
            re.sub(r"\Aarn:[^/]*:parameter/", "", name))
    if found is None:
        return json_error(400, "ParameterNotFound")
    found = {"Value": found} if isinstance(found, str) else found
    kind = found.get("Type", "String")
    value = found["Value"]
    if kind == "SecureString" and not request.json.get("WithDecryption"):
        value = "AQICAHencrypted"
    return Reply(200, json.dumps({"Parameter": {
        "ARN": "arn:aws:ssm:us-east-1:123456789012:parameter/x",
        "DataType": "text", "LastModifiedDate": 1.77E9, "Name": name,
        "Type": kind, "Value": value, "Version": found.get("Version", 1)}}),
        "application/x-amz-json-1.1")


def secret(server, request):
    name = request.json.get("SecretId") or ""
    stage = request.json.get("VersionStage", "AWSCURRENT")
    secrets = server.read("secrets.json") or {}
    found = secrets.get(name, secrets.get(re.sub(
        r"\Aarn:.*:secret:(.*)-\w{6}\Z", r"\1", name)))
    versions = found if isinstance(found, list) else [found]
    for one in versions:
        one = {"SecretString": one} if isinstance(one, str) else one
        if one and stage in one.get("VersionStages", ["AWSCURRENT"]):
            return Reply(200, json.dumps(dict({
                "ARN": "arn:aws:secretsmanager:us-east-1:123456789012:secret:"
                "x-AbCdEf", "CreatedDate": 1.723E9, "Name": name,
                "VersionId": "v1", "VersionStages": [stage]}, **one)),
                "application/x-amz-json-1.1")
    return json_error(400, "ResourceNotFoundException",
                      "Secrets Manager can't find the specified secret.",
                      "Message")


def doc(server, request):
    if server.authorization is not None and \
            request.header("authorization") != server.authorization:
        return Reply(401, "Unauthorized\n", "text/plain",
                     www_authenticate="Bearer")
    data = server.file("doc", urllib.parse.unquote(request.path[5:]))
    if data is None:
        return Reply(404, "Not Found\n", "text/plain")
    etag = etag_of(data)
    if matches(request.header("if-none-match"), etag):
        return Reply(304, ETag=etag, **server.extra)
    kind = "application/json" if request.path.endswith(".json") \
        else "text/plain; charset=utf-8"
    return Reply(200, data, kind, ETag=etag, **server.extra)


SERVICES = {"s3": s3, "ssm": ssm, "secretsmanager": secret, "doc": doc}


# ----------------------------------------------------------------------- HTTP

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60
    wbufsize = 65536                     # head and body in one piece
    disable_nagle_algorithm = True

    def log_message(self, format, *args):
        pass

    def header(self, name):
        return self.headers.get(name)

    def understand(self, body):
        """Which service and operation it is, and of what."""
        self.target = self.requestline.split(" ")[1]     # as it was sent
        self.path, _, query = self.target.partition("?")
        self.query = dict(urllib.parse.parse_qsl(
            query, keep_blank_values=True))
        self.service, self.operation, self.json = None, None, {}
        self.bucket = self.key = self.key_id = self.region = None
        if self.path.startswith("/doc/"):
            self.service, self.operation = "doc", "GET"
            return
        if self.header("x-amz-target"):
            self.service, self.operation = TARGETS.get(
                self.header("x-amz-target"), (None, None))
            try:
                self.json = json.loads(body)
            except ValueError:
                self.service = None
            return
        path = urllib.parse.unquote(self.path)
        host = (self.header("host") or "").rsplit(":", 1)[0]
        first = host.partition(".")[0]
        if not re.match(r"\A[\d.]+\Z|\[|localhost", host) and \
                self.server.bucket(first) is not None:
            self.bucket, self.key = first, path[1:]
        else:
            self.bucket, _, self.key = path[1:].partition("/")
        self.service = "s3"
        self.operation = "ListObjectsV2" if \
            self.query.get("list-type") == "2" else "GetObject"

    def answer(self, body):
        """(reply, fault that spoils it)."""
        wanted = "GET" if self.service in ("s3", "doc") else "POST"
        if self.service is None or self.command != wanted:
            return json_error(400, "UnknownOperationException"), None
        fault = self.server.fault("%s %s %s" % (
            self.command, self.target, self.header("x-amz-target") or ""))
        if fault and fault["fault"] == "slow":
            time.sleep(fault.get("seconds", 1))
        reply = failed(fault, self.service) if fault else None
        if reply:
            return reply, fault
        if self.service != "doc" and not (
                self.server.unsigned and not self.header("authorization")):
            try:
                self.key_id, self.region = check(
                    self.server, self.command, self.target,
                    list(self.headers.items()), body, self.service)
            except Refused as no:
                return error_of(self.service, no.status, no.s3, no.other,
                                str(no), **no.more), fault
            if self.server.region and self.service != "s3" \
                    and self.region != self.server.region:
                return json_error(400, "InvalidSignatureException",
                                  "Credential should be scoped to a valid "
                                  "region."), fault
        return SERVICES[self.service](self.server, self), fault

    def send(self, reply, fault):
        spoil = fault["fault"] if fault else ""
        if spoil == "close":
            self.close_connection = True
            return
        body = reply.body
        if self.service in ("ssm", "secretsmanager") and body and \
                "gzip" in (self.header("accept-encoding") or ""):
            body = gzip.compress(body)
            reply.headers["content-encoding"] = "gzip"
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.status != 304:
            self.send_header("content-length", str(len(body)))
        self.end_headers()
        if spoil == "cut":
            self.wfile.write(body[:len(body) // 2])
            self.close_connection = True
        elif spoil == "drip":
            for n in range(0, len(body), 16):
                self.wfile.write(body[n:n + 16])
                self.wfile.flush()
                time.sleep(fault.get("seconds", 0.05))
        elif reply.status != 304:
            self.wfile.write(body)

    def own(self, body):
        """/_control and /_log."""
        if self.command == "POST" and self.path == "/_control":
            try:
                self.server.control(json.loads(body))
            except (ValueError, TypeError, AttributeError) as bad:
                return Reply(400, "%s\n" % bad, "text/plain")
            return Reply(200, "{}", "application/json")
        if self.command == "GET" and self.path == "/_log":
            with self.server.lock:
                log = json.dumps(self.server.log)
            return Reply(200, log, "application/json")
        return Reply(404, "not one of ours\n", "text/plain")

    def serve(self):
        length = int(self.header("content-length") or 0)
        body = self.rfile.read(length) if length else b""
        self.service = None
        if self.path.startswith("/_"):
            self.send(self.own(body), None)
            return
        self.understand(body)
        reply, fault = self.answer(body)
        with self.server.lock:           # before the reply: who has it may ask
            self.server.log.append({
                "method": self.command, "target": self.target,
                "host": self.header("host"), "service": self.service,
                "operation": self.operation, "status": reply.status,
                "key_id": self.key_id, "region": self.region,
                "fault": fault["fault"] if fault else None,
                "headers": {k.lower(): v for k, v in self.headers.items()
                            if k.lower() != "authorization"},
                "body": self.json or None})
        self.send(reply, fault)

    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = serve


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--root", required=True)
    options.add_argument("--port", type=int, default=0)
    options.add_argument("--page", type=int, default=1000)
    options.add_argument("--region", default="")
    options.add_argument("--any-time", action="store_true",
                         help="no matter what the request's clock says")
    options.add_argument("--unsigned", action="store_true",
                         help="requests without a signature pass")
    options.add_argument("--seconds", type=float, default=600)
    given = options.parse_args()
    server = Server(given)
    print(server.server_address[1], flush=True)
    timer = threading.Timer(given.seconds, server.shutdown)
    timer.daemon = True
    timer.start()
    try:
        server.serve_forever(poll_interval=0.1)
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
