#!/usr/bin/env python3
"""Tests of server.py, and of our requests against it.

Its signatures are compared with Amazon's test suite (../shared; skipped where
that is absent). The requests of ask.c are built and signed by our code and
checked by the server's own.
"""
import base64
import contextlib
import gzip
import http.client
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
import urllib.parse
from xml.etree import ElementTree

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)
import server  # noqa: E402

SHARED = os.environ.get("LLMF_SHARED", os.path.join(ROOT, "../shared"))
SUITE = os.path.join(SHARED, "specs/aws/signing-test-suite/v4")
WEIRD = ["a b", "a+b", "ä/ሴ 😀", "/a//b/", "../x/./y", "100%", "%41", "q?x=1&y#z",
         "(a)*'!\"<>~`^|\\", "a:b@c;d,e=$", "\x7f\x01"]


# ------------------------------------------------------------------ the suite

def text_of(case, name):
    with open(os.path.join(SUITE, case, name), encoding="latin-1") as file:
        return file.read().rstrip("\n")


def parsed(text):
    """(method, target, headers, body) of a request as the suite writes it."""
    head, _, body = text.partition("\n\n")
    lines = head.split("\n")
    method, _, rest = lines[0].partition(" ")
    headers = []
    for line in lines[1:]:
        if line.startswith(" "):
            headers[-1] = (headers[-1][0], headers[-1][1] + " " + line)
        else:
            name, _, value = line.partition(":")
            headers.append((name, value))
    return method, rest[:-len(" HTTP/1.1")], headers, body


class Suite(unittest.TestCase):
    @unittest.skipUnless(os.path.isdir(SUITE), "no suite")
    def test_all(self):
        cases = sorted(os.listdir(SUITE))
        self.assertGreaterEqual(len(cases), 38)
        for case in cases:
            with self.subTest(case):
                self.one(case)

    def one(self, case):
        context = json.loads(text_of(case, "context.json"))
        method, target, headers, body = parsed(text_of(case, "request.txt"))
        keys, stamp = context["credentials"], context["timestamp"]
        date = stamp.replace("-", "").replace(":", "")
        headers.append(("X-Amz-Date", date))
        if "token" in keys and not context.get("omit_session_token"):
            headers.append(("X-Amz-Security-Token", keys["token"]))
        payload = server.hashlib.sha256(body.encode("latin-1")).hexdigest()
        if context["sign_body"]:
            headers.append(("x-amz-content-sha256", payload))
        canonical = server.canonical_request(
            method, target, headers,
            sorted(set(n.lower() for n, _ in headers)), payload, False,
            context["normalize"])
        self.assertEqual(canonical,
                         text_of(case, "header-canonical-request.txt"))
        scope = "%s/%s/%s/aws4_request" % (date[:8], context["region"],
                                           context["service"])
        to_sign = server.string_to_sign(date, scope, canonical)
        self.assertEqual(to_sign, text_of(case, "header-string-to-sign.txt"))
        self.assertEqual(
            server.signature(keys["secret_access_key"], scope, to_sign),
            text_of(case, "header-signature.txt"))


# ------------------------------------------------------------ a running server

ASK = None                               # ask.c, built


def setUpModule():
    global ASK
    folder = tempfile.mkdtemp()
    unittest.addModuleCleanup(shutil.rmtree, folder)
    ASK = os.path.join(folder, "ask")
    subprocess.run([os.environ.get("CC", "cc"), "-std=c99", "-I.", "-o", ASK,
                    os.path.join(HERE, "ask.c"), "-lcurl"],
                   check=True, cwd=ROOT)


class Running(unittest.TestCase):
    options = []

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp()
        cls.process = None
        cls.addClassCleanup(cls.end)
        cls.process = subprocess.Popen(
            [sys.executable, os.path.join(HERE, "server.py"), "--root",
             cls.folder, "--seconds", "120"] + cls.options,
            stdout=subprocess.PIPE)
        cls.port = int(cls.process.stdout.readline())
        cls.base = "http://127.0.0.1:%d" % cls.port

    @classmethod
    def end(cls):
        if cls.process:
            cls.process.terminate()
            cls.process.wait()
            cls.process.stdout.close()
        shutil.rmtree(cls.folder)

    def setUp(self):
        self.control(reset=True, page=1000)

    def write(self, name, value):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        data = value if isinstance(value, bytes) else \
            json.dumps(value).encode()
        with open(path, "wb") as file:
            file.write(data)

    def send(self, method, target, headers=(), body=b"", host=None):
        """(status, headers, body) of one request, sent as it is given."""
        with contextlib.closing(http.client.HTTPConnection(
                "127.0.0.1", self.port, timeout=20)) as line:
            line.putrequest(method, target, skip_host=True,
                            skip_accept_encoding=True)
            line.putheader("Host", host or "127.0.0.1:%d" % self.port)
            for name, value in headers:
                line.putheader(name, value)
            if body:
                line.putheader("Content-Length", str(len(body)))
            line.endheaders(body or None)
            reply = line.getresponse()
            return reply.status, {k.lower(): v for k, v in
                                  reply.getheaders()}, reply.read()

    def control(self, **order):
        status, _, said = self.send("POST", "/_control",
                                    body=json.dumps(order).encode())
        self.assertEqual(status, 200, said)

    def log(self):
        return json.loads(self.send("GET", "/_log")[2])

    def asked(self, *words, env=(), endpoint=None, region="us-east-1"):
        """What our code would send: (method, URL, headers, body)."""
        given = dict(os.environ, AWS_ACCESS_KEY_ID="AKIDEXAMPLE",
                     AWS_SECRET_ACCESS_KEY=server.EXAMPLE)
        given.pop("AWS_SESSION_TOKEN", None)
        given.update(env)
        out = subprocess.run(
            [ASK, words[0], endpoint or self.base, region]
            + list(words[1:]), env=given, check=True, stdout=subprocess.PIPE,
            timeout=20).stdout
        head, _, body = out.partition(b"\n\n")
        lines = head.decode("latin-1").split("\n")
        method, _, url = lines[0].partition(" ")
        return method, url, [line.split(": ", 1) for line in lines[1:]], body

    def sent(self, *words, change=None, **more):
        method, url, headers, body = self.asked(*words, **more)
        parts = urllib.parse.urlsplit(url)
        target = parts.path + ("?" + parts.query if parts.query else "")
        if change:
            method, target, headers, body = change(method, target, headers,
                                                   body)
        return self.send(method, target, headers, body, parts.netloc)

    def words_of(self, body):
        root = ElementTree.fromstring(body)
        return {n.tag.split("}")[-1]: n.text for n in root}


class S3(Running):
    def objects(self, *keys, region=None, **more):
        self.write("s3.json", {"models": {"region": region, "objects": dict(
            {key: "of " + key for key in keys}, **more)}})

    def test_weird_keys(self):
        self.objects(*WEIRD)
        for key in WEIRD:
            with self.subTest(key):
                status, headers, body = self.sent("GetObject", "models", key)
                self.assertEqual((status, body.decode()), (200, "of " + key))
                status, _, body = self.sent("GetObject", "models", key,
                                            headers["etag"])
                self.assertEqual((status, body), (304, b""))

    def test_files(self):
        self.write("s3/plain/a/b.yaml", b"one")
        status, headers, body = self.sent("GetObject", "plain", "a/b.yaml")
        self.assertEqual((status, body), (200, b"one"))
        self.write("s3/plain/a/b.yaml", b"two")
        status, _, body = self.sent("GetObject", "plain", "a/b.yaml",
                                    headers["etag"])
        self.assertEqual((status, body), (200, b"two"))
        self.assertEqual(self.sent("GetObject", "plain", "../x")[0], 404)

    def test_virtual_host(self):
        self.objects("k")
        status, _, body = self.sent(
            "GetObject", "models", "k",
            endpoint="http://s3.test.example:%d" % self.port)
        self.assertEqual((status, body), (200, b"of k"))
        self.assertEqual(self.log()[-1]["host"],
                         "models.s3.test.example:%d" % self.port)
        status, _, body = self.sent(
            "GetObject", "models", "k", env={"PATH_STYLE": "1"},
            endpoint="http://s3.test.example:%d" % self.port)
        self.assertEqual((status, body), (200, b"of k"))
        self.assertEqual(self.log()[-1]["target"], "/models/k")

    def pages(self, *words, **more):
        found, token, count = [], "", 0
        while True:
            status, _, body = self.sent("ListObjectsV2", *words, token, **more)
            self.assertEqual(status, 200, body)
            count += 1
            root = ElementTree.fromstring(body)
            space = root.tag.partition("}")[0] + "}"
            found += [n.text for n in root.iter(space + "Key")]
            found += [n.text for n in root.findall(
                "%sCommonPrefixes/%sPrefix" % (space, space))]
            token = root.findtext(space + "NextContinuationToken")
            more_come = root.findtext(space + "IsTruncated") == "true"
            self.assertEqual(more_come, bool(token))
            if not token:
                return found, count

    def test_lists(self):
        keys = sorted(["m/%d&<\"ä" % n for n in range(7)] + ["m/d/x", "m/d/y"],
                      key=lambda k: k.encode())
        self.objects("a", "z", *keys)
        self.assertEqual(self.pages("models", "m/"), (keys, 1))
        self.control(page=2)
        found, count = self.pages("models", "m/")
        self.assertEqual((found, count), (keys, 5))
        found, count = self.pages("models", "m/", env={"DELIMITER": "/"})
        self.assertEqual(sorted(found), sorted(
            [k for k in keys if "/d/" not in k] + ["m/d/"]))
        self.assertEqual(self.pages("models", "none/"), ([], 1))
        self.assertEqual(self.sent("ListObjectsV2", "models", "",
                                   "no token")[0], 400)

    def test_errors(self):
        self.objects("k")
        status, _, body = self.sent("GetObject", "models", "none")
        self.assertEqual((status, self.words_of(body)["Code"]),
                         (404, "NoSuchKey"))
        status, _, body = self.sent("GetObject", "nobucket", "k")
        self.assertEqual((status, self.words_of(body)["Code"]),
                         (404, "NoSuchBucket"))

    def code(self, status, *words, **more):
        got, _, body = self.sent(*words, **more)
        self.assertEqual(got, status, body)
        return self.words_of(body)["Code"]

    def test_signatures(self):
        self.objects("k")
        ask = ("GetObject", "models", "k")
        self.assertEqual(self.code(403, *ask, env={
            "AWS_SECRET_ACCESS_KEY": "wrong"}), "SignatureDoesNotMatch")
        self.assertEqual(self.code(403, *ask, env={
            "AWS_ACCESS_KEY_ID": "AKIDOTHER"}), "InvalidAccessKeyId")
        self.assertEqual(self.code(400, *ask, env={
            "AWS_SESSION_TOKEN": "x"}), "InvalidToken")
        token = {"AWS_ACCESS_KEY_ID": "ASIAEXAMPLE",
                 "AWS_SESSION_TOKEN": "session"}
        self.assertEqual(self.sent(*ask, env=token)[0], 200)
        self.assertEqual(self.code(403, *ask, change=lambda m, t, h, b: (
            m, t + "x", h, b)), "SignatureDoesNotMatch")
        self.assertEqual(self.code(400, *ask, change=lambda m, t, h, b: (
            m, t, h, b"body")), "XAmzContentSHA256Mismatch")
        self.assertEqual(self.code(403, *ask, change=lambda m, t, h, b: (
            m, t, h + [["x-amz-other", "1"]], b)), "AccessDenied")
        self.assertEqual(self.code(403, *ask, change=lambda m, t, h, b: (
            m, t, [], b)), "AccessDenied")
        self.assertEqual([e["status"] for e in self.log()][:3],
                         [403, 403, 400])

    def test_old_dates(self):
        """A request whose signature is right, but for its age."""
        for age, status in ((14 * 60, 404), (16 * 60, 403), (-16 * 60, 403)):
            then = server.datetime.datetime.now(
                server.datetime.timezone.utc) - server.datetime.timedelta(
                    seconds=age)
            date = then.strftime("%Y%m%dT%H%M%SZ")
            payload = server.hashlib.sha256(b"").hexdigest()
            headers = [("Host", "127.0.0.1:%d" % self.port),
                       ("x-amz-content-sha256", payload),
                       ("x-amz-date", date)]
            names = ["host", "x-amz-content-sha256", "x-amz-date"]
            scope = "%s/us-east-1/s3/aws4_request" % date[:8]
            signed = server.signature(
                server.EXAMPLE, scope, server.string_to_sign(
                    date, scope, server.canonical_request(
                        "GET", "/none/k", headers, names, payload, True,
                        False)))
            got, _, body = self.send("GET", "/none/k", headers[1:] + [(
                "Authorization", "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/%s, "
                "SignedHeaders=%s, Signature=%s" % (scope, ";".join(names),
                                                    signed))])
            self.assertEqual(got, status, body)

    def test_regions(self):
        self.objects("k", region="eu-west-1")
        status, headers, body = self.sent("GetObject", "models", "k")
        self.assertEqual((status, headers["x-amz-bucket-region"]),
                         (301, "eu-west-1"))
        self.assertEqual(self.words_of(body)["Code"], "PermanentRedirect")
        self.assertEqual(self.sent("GetObject", "models", "k",
                                   region="eu-west-1")[0], 200)
        self.assertEqual([e["region"] for e in self.log()],
                         ["us-east-1", "eu-west-1"])

    def test_faults(self):
        self.objects("k", "other")
        ask = ("GetObject", "models", "k")
        self.control(fault="throttle", times=2, match="/models/k")
        self.assertEqual(self.sent("GetObject", "models", "other")[0], 200)
        self.assertEqual(self.code(503, *ask), "SlowDown")
        self.assertEqual(self.code(503, *ask), "SlowDown")
        self.assertEqual(self.sent(*ask)[0], 200)
        self.assertEqual([e["fault"] for e in self.log()],
                         [None, "throttle", "throttle", None])
        for fault, status, code in (("error", 500, "InternalError"),
                                    ("denied", 403, "AccessDenied"),
                                    ("expired", 400, "ExpiredToken"),
                                    ("malformed", 400,
                                     "AuthorizationHeaderMalformed")):
            self.control(fault=fault)
            self.assertEqual(self.code(status, *ask), code)
        self.control(fault="region", region="ap-south-1")
        self.assertEqual(self.sent(*ask)[1]["x-amz-bucket-region"],
                         "ap-south-1")
        self.control(fault="cut")
        with self.assertRaises(http.client.IncompleteRead):
            self.sent(*ask)
        self.control(fault="close")
        with self.assertRaises(http.client.RemoteDisconnected):
            self.sent(*ask)
        for fault in ("drip", "slow"):
            self.control(fault=fault, seconds=0.01)
            self.assertEqual(self.sent(*ask)[2], b"of k")
        self.control(fault="empty")
        self.assertEqual(self.sent(*ask)[::2], (200, b""))
        self.control(fault="garbage")
        self.assertIn(b"<html>", self.sent(*ask)[2])
        self.assertEqual(self.send("POST", "/_control",
                                   body=b'{"fault":"none"}')[0], 400)


class Json(Running):
    options = ["--region", "us-east-1"]

    def test_parameters(self):
        self.write("ssm.json", {"/app/a": "one", "b": {
            "Type": "SecureString", "Value": "s\u00e4", "Version": 4}})
        status, headers, body = self.sent("GetParameter", "/app/a")
        self.assertEqual((status, json.loads(body)["Parameter"]["Value"]),
                         (200, "one"))
        self.assertNotIn("content-encoding", headers)
        for name in ("b", "arn:aws:ssm:us-east-1:1:parameter/b"):
            body = self.sent("GetParameter", name)[2]
            self.assertEqual(json.loads(body)["Parameter"]["Value"], "sä")
        self.assertEqual(json.loads(body)["Parameter"]["Version"], 4)
        body = self.sent("GetParameter",
                         "arn:aws:ssm:us-east-1:1:parameter/app/a")[2]
        self.assertEqual(json.loads(body)["Parameter"]["Value"], "one")
        status, _, body = self.sent("GetParameter", "/none")
        self.assertEqual((status, json.loads(body)),
                         (400, {"__type": "ParameterNotFound"}))
        self.assertEqual(self.log()[0]["body"],
                         {"Name": "/app/a", "WithDecryption": True})
        status, headers, body = self.sent(
            "GetParameter", "/app/a", change=lambda m, t, h, b: (
                m, t, h + [["Accept-Encoding", "gzip"]], b))
        self.assertEqual(headers["content-encoding"], "gzip")
        self.assertEqual(json.loads(gzip.decompress(body))["Parameter"]
                         ["Value"], "one")

    def test_secrets(self):
        binary = base64.b64encode(b"\xff\x00").decode()
        self.write("secrets.json", {
            "text": "one", "binary": {"SecretBinary": binary}, "old": [
                {"SecretString": "new", "VersionId": "2"},
                {"SecretString": "old", "VersionStages": ["AWSPREVIOUS"]}]})
        body = json.loads(self.sent("GetSecretValue", "text")[2])
        self.assertEqual((body["SecretString"], body["VersionId"]),
                         ("one", "v1"))
        body = json.loads(self.sent("GetSecretValue", "binary")[2])
        self.assertEqual(body["SecretBinary"], binary)
        body = json.loads(self.sent("GetSecretValue", "old")[2])
        self.assertEqual((body["SecretString"], body["VersionId"]),
                         ("new", "2"))
        body = json.loads(self.sent("GetSecretValue", "old",
                                    "AWSPREVIOUS")[2])
        self.assertEqual(body["SecretString"], "old")
        arn = "arn:aws:secretsmanager:us-east-1:1:secret:text-AbCdEf"
        self.assertEqual(self.sent("GetSecretValue", arn)[0], 200)
        status, _, body = self.sent("GetSecretValue", "none")
        self.assertEqual((status, json.loads(body)["__type"]),
                         (400, "ResourceNotFoundException"))

    def test_refused(self):
        self.write("ssm.json", {"/a": "one"})

        def kind(**more):
            status, _, body = self.sent("GetParameter", "/a", **more)
            return status, json.loads(body).get("__type")
        self.assertEqual(kind(), (200, None))
        self.assertEqual(kind(env={"AWS_SECRET_ACCESS_KEY": "wrong"}),
                         (400, "InvalidSignatureException"))
        self.assertEqual(kind(env={"AWS_ACCESS_KEY_ID": "AKIDOTHER"}),
                         (400, "UnrecognizedClientException"))
        self.assertEqual(kind(region="eu-west-1"),
                         (400, "InvalidSignatureException"))
        self.assertEqual(kind(change=lambda m, t, h, b: (
            m, t, h, b.replace(b"/a", b"/b"))),
            (400, "InvalidSignatureException"))
        self.control(fault="throttle", match="AmazonSSM")
        self.assertEqual(kind(), (400, "ThrottlingException"))
        self.control(fault="error")
        self.assertEqual(kind(), (500, "InternalServerError"))
        self.assertEqual(kind(), (200, None))


class Documents(Running):
    def test_documents(self):
        self.write("doc/a/b.json", {"x": 1})
        status, headers, body = self.send("GET", "/doc/a/b.json")
        self.assertEqual((status, body), (200, b'{"x": 1}'))
        same = [("If-None-Match", 'W/"x", ' + headers["etag"])]
        self.assertEqual(self.send("GET", "/doc/a/b.json", same)[::2],
                         (304, b""))
        self.write("doc/a/b.json", {"x": 2})
        self.assertEqual(self.send("GET", "/doc/a/b.json", same)[0], 200)
        self.assertEqual(self.send("GET", "/doc/none")[0], 404)
        self.assertEqual(self.send("GET", "/doc/../ask")[0], 404)
        self.control(authorization="Bearer x",
                     headers={"cache-control": "max-age=5"})
        self.assertEqual(self.send("GET", "/doc/a/b.json")[0], 401)
        status, headers, _ = self.send("GET", "/doc/a/b.json",
                                       [("Authorization", "Bearer x")])
        self.assertEqual((status, headers["cache-control"]),
                         (200, "max-age=5"))
        self.control(reset=True)
        self.control(fault="redirect", to="/doc/c")
        status, headers, _ = self.send("GET", "/doc/a/b.json")
        self.assertEqual((status, headers["location"]), (302, "/doc/c"))
        self.control(fault="throttle", status=429)
        self.assertEqual(self.send("GET", "/doc/a/b.json")[0], 429)
        self.assertEqual(len(self.log()), 2)


def main():
    suite = unittest.defaultTestLoader.loadTestsFromModule(
        sys.modules["__main__"])
    result = unittest.TextTestRunner(verbosity=0).run(suite)
    failed = len(result.failures) + len(result.errors)
    skipped = len(result.skipped)
    print("%d passed, %d failed, %d skipped" % (
        result.testsRun - failed - skipped, failed, skipped))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
