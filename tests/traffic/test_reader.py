#!/usr/bin/env python3
"""Tests of reader.py with small records written by hand, rule by rule."""
import base64
import binascii
import json
import os
import struct
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import compare  # noqa: E402
import reader  # noqa: E402


def record(operation, body, stream=False, status=200, provider="any",
           headers=None, request=None):
    response = {"status": status, "headers": headers or {}}
    if isinstance(body, bytes):
        response["body_b64"] = base64.b64encode(body).decode("ascii")
    else:
        response["body_text"] = body if isinstance(body, str) \
            else json.dumps(body)
    return {"id": "x", "provider": provider, "operation": operation,
            "stream": stream, "request": request, "response": response}


def sse(*events, end="\n"):
    return "".join("data: %s%s%s" % (e if isinstance(e, str) else
                                     json.dumps(e), end, end) for e in events)


def lines(*objects):
    return "".join(json.dumps(o) + "\n" for o in objects)


def frame(payload, spoil=0, **headers):
    """One event-stream frame; headers by name without the colon."""
    head = b""
    for name, value in headers.items():
        name = ":" + name.replace("_", "-")
        head += struct.pack("B", len(name)) + name.encode() + b"\x07" + \
            struct.pack(">H", len(value)) + value.encode()
    body = payload if isinstance(payload, bytes) \
        else json.dumps(payload).encode()
    start = struct.pack(">II", 16 + len(head) + len(body), len(head))
    start += struct.pack(">I", binascii.crc32(start))
    whole = start + head + body
    return whole + struct.pack(">I", binascii.crc32(whole) ^ spoil)


def event(kind, payload):
    return frame(payload, event_type=kind, content_type="application/json",
                 message_type="event")


def chunk(delta, finish=None, **more):
    return dict({"choices": [{"index": 0, "delta": delta,
                              "finish_reason": finish}]}, **more)


def read(*args, **more):
    return reader.read(record(*args, **more))


def chat(message, finish="stop", usage=None, **more):
    body = {"choices": [{"index": 0, "message": message,
                         "finish_reason": finish}], "model": "m"}
    if usage is not None:
        body["usage"] = usage
    return read("chat_completions", dict(body, **more))


def chat_stream(*events, end="\n"):
    return read("chat_completions", sse(*events, end=end), True)


def call(name="f", arguments="{}", **more):
    return dict({"function": {"name": name, "arguments": arguments}}, **more)


def usage_of(usage):
    return chat({"content": "a"}, usage=usage)["usage"]


class Framing(unittest.TestCase):
    def test_line_ends_and_comments(self):
        for end in ("\n", "\r\n", "\r"):
            out = chat_stream(chunk({"content": "a"}),
                              chunk({"content": "b"}, "stop"), end=end)
            self.assertEqual((out["ok"], out["text"]), (True, "ab"))
        body = ": hello\n\n\ufeffdata: x\n\n"
        self.assertEqual(len(list(reader.sse(body.encode()))), 0)
        body = b"\xef\xbb\xbfdata:{}\n\nevent: e\ndata: [DONE]  \n\n"
        self.assertEqual([d for d, _, _ in reader.sse(body)],
                         [b"{}", b"[DONE]  "])

    def test_data_of_two_lines(self):
        out = read("chat_completions", 'data: {"choices":\ndata: [{"index":0,'
                   '"delta":{"content":"a"},"finish_reason":"stop"}]}\n\n',
                   True)
        self.assertEqual(out["text"], "a")

    def test_last_event_without_blank_line(self):        # rule 25
        body = sse(chunk({"content": "a"}, "stop")).rstrip("\n")
        self.assertTrue(read("chat_completions", body, True)["ok"])
        self.assertEqual(read("chat_completions", body[:-1], True)
                         ["error"]["code"], "truncated")

    def test_complete_and_not_json(self):                # rule 28
        for body in ("data: nonsense\n\n", "data: 5\n\n", '{"a":1}'):
            self.assertEqual(read("chat_completions", body, True)
                             ["error"]["code"], "protocol", body)

    def test_nothing_at_all(self):                       # rule 25
        for operation in ("chat_completions", "responses", "messages",
                          "stream_generate_content", "converse_stream",
                          "invoke_stream", "api_chat", "chat_v2",
                          "audio_transcriptions"):
            self.assertEqual(read(operation, "", True)["error"]["code"],
                             "truncated", operation)

    def test_json_array(self):
        body = b'[{"a":"}]\\""}\r\n,\r\n{"b":2}]'
        self.assertEqual([d for d, _, _ in reader.json_array(body)],
                         [b'{"a":"}]\\""}', b'{"b":2}', b"]"])

    def test_strict_json(self):
        for text in ("NaN", "[1,]", "{'a':1}", "01", '"\t"', ""):
            self.assertRaises(reader.NotJson, reader.loads, text)


class Text(unittest.TestCase):
    def test_nothing_is_trimmed(self):                   # rule 1
        self.assertEqual(chat({"content": " a \n"})["text"], " a \n")
        self.assertTrue(chat({"content": ""})["ok"])
        self.assertTrue(chat({"content": None})["ok"])

    def test_replacement(self):                          # rule 1
        body = b'{"choices":[{"index":0,"message":{"content":"a\xffb\\ud83d' \
               b'c\\ud83d\\ude00"},"finish_reason":"stop"}]}'
        self.assertEqual(read("chat_completions", body)["text"],
                         "a\ufffdb\ufffdc\U0001f600")

    def test_only_choice_zero(self):                     # rule 2
        body = {"choices": [
            {"index": 1, "message": {"content": "no"}, "finish_reason": "no"},
            {"index": 0, "message": {"content": "yes"},
             "finish_reason": "length"}], "usage": {"completion_tokens": 9}}
        out = read("chat_completions", body)
        self.assertEqual((out["text"], out["finish_reason"],
                          out["usage"]), ("yes", "length",
                                          {"output_tokens": 9}))
        body["choices"] = [{"index": 1, "delta": {"content": "no"},
                            "finish_reason": "stop"}]
        self.assertEqual(chat_stream(body)["error"]["code"], "truncated")

    def test_reasoning_once(self):                       # rule 3
        details = [{"text": "d"}, {"summary": "e"}, {"data": "secret"}]
        self.assertEqual(chat({"reasoning": "r", "reasoning_content": "c",
                               "reasoning_details": details})["reasoning"],
                         "r")
        self.assertEqual(chat({"reasoning": None, "reasoning_content": "c",
                               "reasoning_details": details})["reasoning"],
                         "c")
        self.assertEqual(chat({"reasoning_details": details})["reasoning"],
                         "de")

    def test_content_parts(self):                        # rules 4, 5
        out = chat({"content": [
            {"type": "thinking", "thinking": [{"type": "text", "text": "t"}]},
            {"type": "text", "text": "<think>a</think>"},
            {"type": "reference", "text": "no"}]})
        self.assertEqual((out["reasoning"], out["text"]),
                         ("t", "<think>a</think>"))

    def test_refusal(self):                              # rules 6, 16
        out = chat({"content": None, "refusal": "no"})
        self.assertEqual((out["refusal"], out["finish_reason"]),
                         ("no", "refusal"))

    def test_message_beside_delta(self):                 # rule 8
        one = chunk({"content": "a"}, "stop")
        one["choices"][0]["message"] = {"content": "aaa"}
        self.assertEqual(chat_stream(one)["text"], "a")


class ToolCalls(unittest.TestCase):
    def test_arguments(self):                            # rule 12
        for text in ("", None, "null", " "):
            out = chat({"tool_calls": [call(arguments=text, id="i")]})
            self.assertEqual(out["tool_calls"][0]["arguments"], {})
        out = chat({"tool_calls": [call(arguments='{"a": 1')]}, "length")
        self.assertEqual((out["ok"], out["finish_reason"]), (True, "length"))
        self.assertEqual(out["tool_calls"],
                         [{"id": None, "name": "f",
                           "arguments_raw": '{"a": 1'}])

    def test_numbers_and_keys_as_they_came(self):        # rule 12
        text = '{"b": -0, "a": 7228414683750928000, "a": 1.50}'
        value = chat({"tool_calls": [call(arguments=text)]}
                     )["tool_calls"][0]["arguments"]
        self.assertTrue(compare.same_json(value, reader.loads(text)))
        for other in ('{"b": 0, "a": 7228414683750928000, "a": 1.50}',
                      '{"b": -0, "a": 7228414683750928001, "a": 1.50}',
                      '{"b": -0, "a": 1.50}', '{"b": -0.0, "a": 1}'):
            self.assertFalse(compare.same_json(value, reader.loads(other)))

    def test_custom_tools_are_not_calls(self):           # rule 10
        out = chat({"tool_calls": [{"type": "custom", "custom": {"name": "c"}},
                                   call("f", type="function")]})
        self.assertEqual([c["name"] for c in out["tool_calls"]], ["f"])

    def fragments(self, *fragments):
        events = [chunk({"tool_calls": [f]}) for f in fragments]
        out = chat_stream(*events, "[DONE]")
        return [(c["id"], c["name"], json.dumps(c["arguments"]))
                for c in out["tool_calls"]]

    def test_fragments(self):                            # rule 13
        self.assertEqual(self.fragments(
            call("f", "", index=0, id="a"), call("g", '{"x', index=1, id="b"),
            call(None, '{"y":1}', index=0), call(None, '":2}', index=1, id="")
        ), [("a", "f", '{"y": 1}'), ("b", "g", '{"x": 2}')])

    def test_another_id_at_the_same_index(self):         # rule 13
        self.assertEqual(self.fragments(
            call("f", '{"a":1}', index=0, id="a"),
            call("g", '{"b"', index=0, id="b"),
            call("g", ':2}', index=0, id="b")),
            [("a", "f", '{"a": 1}'), ("b", "g", '{"b": 2}')])

    def test_without_index(self):                        # rule 13
        self.assertEqual(self.fragments(call("f", "{}", id="a"),
                                        call("g", "{}", id="b")),
                         [("a", "f", "{}"), ("b", "g", "{}")])

    def test_ids(self):                                  # rule 11
        out = chat({"tool_calls": [call(id=""), call()]})
        self.assertEqual([c["id"] for c in out["tool_calls"]], [None, None])
        good = [{"id": "1", "name": "f", "arguments": reader.Obj([])},
                {"id": "2", "name": "f", "arguments": reader.Obj([])}]
        self.assertEqual(compare.calls_differ(out["tool_calls"], good), [])
        good[1]["id"] = "1"
        self.assertNotEqual(compare.calls_differ(out["tool_calls"], good), [])


class Finish(unittest.TestCase):
    def test_words(self):                                # rules 15, 16
        for raw, word in (("eos", "stop"), ("MAX_TOKENS", "length"),
                          ("function_call", "tool_calls"), ("SPII",
                          "content_filter"), ("load", "other")):
            self.assertEqual(reader.finish_reason(raw, [], ""), word)
        self.assertEqual(reader.finish_reason("STOP", [1], ""), "tool_calls")
        self.assertEqual(reader.finish_reason("stop", [1], "x"), "refusal")
        self.assertEqual(reader.finish_reason("length", [1], ""), "length")
        self.assertEqual(reader.finish_reason("pause_turn", [1], ""), "other")
        self.assertEqual(reader.finish_reason("", [], ""), "other")
        self.assertEqual(reader.finish_reason("", [1], ""), "tool_calls")

    def test_done_without_reason(self):                  # rule 24
        out = chat_stream(chunk({"content": "a"}), "[DONE]")
        self.assertEqual((out["ok"], out["finish_reason"],
                          out["finish_reason_raw"]), (True, "other", ""))


class Usage(unittest.TestCase):
    def test_absent_and_null(self):                      # rule 18
        self.assertEqual(usage_of({"prompt_tokens": 0,
                                   "completion_tokens": None}),
                         {"input_tokens": 0})
        self.assertEqual(usage_of(None), {})

    def test_excess(self):                               # rule 20
        self.assertEqual(usage_of({
            "prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 115,
            "completion_tokens_details": {"reasoning_tokens": 100}}),
            {"input_tokens": 10, "output_tokens": 105,
             "reasoning_tokens": 100})
        self.assertEqual(usage_of({
            "prompt_tokens": 3, "completion_tokens": 11, "total_tokens": 389,
            "prompt_tokens_details": {"audio_tokens": 375}}),
            {"input_tokens": 378, "output_tokens": 11})
        self.assertEqual(usage_of({"prompt_tokens": 35, "total_tokens": 109,
                                   "completion_tokens": 12}),
                         {"input_tokens": 35, "output_tokens": 74})
        self.assertEqual(usage_of({     # not left out: no sum
            "prompt_tokens": 1, "completion_tokens": 9, "total_tokens": 10,
            "completion_tokens_details": {"reasoning_tokens": 9}}),
            {"input_tokens": 1, "output_tokens": 9, "reasoning_tokens": 9})

    def test_cut_to_the_whole(self):                     # rule 21
        self.assertEqual(usage_of({
            "prompt_tokens": 29, "completion_tokens": 6,
            "prompt_tokens_details": {"cached_tokens": 157}}),
            {"input_tokens": 29, "cache_read_tokens": 29, "output_tokens": 6})

    def test_names_of_the_cache(self):                   # rule 19
        for usage in ({"cached_tokens": 2}, {"num_cached_tokens": 2},
                      {"prompt_cache_hit_tokens": 2},
                      {"prompt_tokens_details": {"cached_tokens": None},
                       "cached_tokens": 2}):
            self.assertEqual(usage_of(dict(usage, prompt_tokens=3)),
                             {"input_tokens": 3, "cache_read_tokens": 2})
        self.assertEqual(usage_of({"prompt_tokens": 9,
                                   "cache_creation_input_tokens": 4}),
                         {"input_tokens": 9, "cache_write_tokens": 4})

    def test_streams(self):                              # rule 22
        out = chat_stream(chunk({}, usage={"prompt_tokens": 1}),
                          chunk({}, "stop", usage=None),
                          {"choices": [], "usage": {"prompt_tokens": 2}})
        self.assertEqual(out["usage"], {"input_tokens": 2})
        out = chat_stream(chunk({}, "stop", x_groq={
            "usage": {"prompt_tokens": 5}}), "[DONE]")
        self.assertEqual(out["usage"], {"input_tokens": 5})

    def test_anthropic(self):                            # rules 19, 22
        out = read("messages", sse(
            {"type": "message_start", "message": {"usage": {
                "input_tokens": 5, "cache_read_input_tokens": 7,
                "output_tokens": 1}}},
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"},
             "usage": {"output_tokens": 9, "input_tokens": None}},
            {"type": "message_stop"}), True)
        self.assertEqual(out["usage"], {"input_tokens": 12,
                                        "cache_read_tokens": 7,
                                        "output_tokens": 9})

    def test_gemini(self):                               # rule 19
        self.assertEqual(reader.gemini_usage({
            "promptTokenCount": 5, "toolUsePromptTokenCount": 2,
            "thoughtsTokenCount": 4, "cachedContentTokenCount": 1}),
            {"input_tokens": 7, "cache_read_tokens": 1, "output_tokens": 4,
             "reasoning_tokens": 4})

    def test_others(self):                               # rule 19
        self.assertEqual(reader.converse_usage({
            "inputTokens": 4, "cacheReadInputTokenCount": 3,
            "cacheWriteInputTokens": 2, "outputTokens": 1}),
            {"input_tokens": 9, "cache_read_tokens": 3,
             "cache_write_tokens": 2, "output_tokens": 1})
        self.assertEqual(reader.cohere_usage({
            "billed_units": {"input_tokens": 1}, "cached_tokens": 3,
            "tokens": {"input_tokens": 5, "image_tokens": 2,
                       "output_tokens": 4}}),
            {"input_tokens": 7, "cache_read_tokens": 3, "output_tokens": 4})


RESPONSE = {"object": "response", "model": "m", "status": "completed",
            "usage": {"input_tokens": 1, "output_tokens": 2}}


def done(output, **more):
    return {"type": "response.completed",
            "response": dict(RESPONSE, output=output, **more)}


def message(*texts):
    return {"type": "message", "content": [
        {"type": "output_text", "text": t} for t in texts]}


class Responses(unittest.TestCase):
    def test_unary(self):                                # rules 3, 9, 10
        out = read("responses", dict(RESPONSE, output_text="no", output=[
            {"type": "reasoning", "content": [{"type": "reasoning_text",
                                               "text": "r"}],
             "summary": [{"type": "summary_text", "text": "s"}],
             "encrypted_content": "no"},
            message("a", "b"), {"type": "web_search_call", "id": "w"},
            {"type": "function_call", "id": "no", "call_id": "c",
             "name": "f", "arguments": "{}"}]))
        self.assertEqual((out["text"], out["reasoning"]), ("ab", "rs"))
        self.assertEqual(out["tool_calls"],
                         [{"id": "c", "name": "f", "arguments": {}}])
        self.assertEqual((out["finish_reason"], out["finish_reason_raw"]),
                         ("tool_calls", "completed"))

    def test_incomplete(self):                           # rule 15
        out = read("responses", dict(
            RESPONSE, output=[], status="incomplete",
            incomplete_details={"reason": "max_output_tokens"}))
        self.assertEqual((out["ok"], out["finish_reason"]), (True, "length"))

    def test_deltas_count_once(self):                    # rule 9
        delta = {"type": "response.output_text.delta", "output_index": 1,
                 "content_index": 1, "delta": "ab"}
        whole = {"type": "response.output_text.done", "output_index": 1,
                 "content_index": 1, "text": "ab"}
        body = sse(delta, whole, done([{"type": "reasoning", "summary": []},
                                       message("ab")]))
        self.assertEqual(read("responses", body, True)["text"], "ab")

    def test_what_was_not_sent_as_a_delta(self):         # rule 9
        self.assertEqual(read("responses", sse(done([message("ab")])),
                              True)["text"], "ab")
        added = {"type": "response.output_item.added", "output_index": 0,
                 "item": {"type": "function_call", "call_id": "c",
                          "name": "f", "arguments": ""}}
        given = {"type": "response.function_call_arguments.done",
                 "output_index": 0, "arguments": '{"a":1}'}
        out = read("responses", sse(added, given, done([])), True)
        self.assertEqual(out["tool_calls"], [
            {"id": "c", "name": "f", "arguments": {"a": 1}}])

    def test_errors(self):                               # rule 31
        inner = {"code": "insufficient_quota", "message": "m"}
        for body in ({"type": "error", "error": inner},
                     dict(inner, type="error"),
                     {"type": "response.failed", "response": dict(
                         RESPONSE, status="failed", error=inner)}):
            out = read("responses", sse(body), True)
            self.assertEqual(out["error"], {
                "code": "quota", "http_status": 200, "message": "m"})


class Anthropic(unittest.TestCase):
    def test_unary(self):                                # rules 3, 7, 10
        out = read("messages", {"type": "message", "model": "m", "content": [
            {"type": "thinking", "thinking": "t", "signature": "no"},
            {"type": "redacted_thinking", "data": "no"},
            {"type": "text", "text": "a"},
            {"type": "server_tool_use", "id": "s", "name": "n", "input": {}},
            {"type": "mcp_tool_use", "id": "s", "name": "n", "input": {}},
            {"type": "text", "text": "b"},
            {"type": "tool_use", "id": "i", "name": "f", "input": {"a": 1}}],
            "stop_reason": "tool_use", "usage": {}})
        self.assertEqual((out["text"], out["reasoning"]), ("ab", "t"))
        self.assertEqual(out["tool_calls"], [
            {"id": "i", "name": "f", "arguments": {"a": 1}}])

    def test_refusal_is_a_reason(self):                  # rules 6, 17
        out = read("messages", {"content": [], "stop_reason": "refusal"})
        self.assertEqual((out["ok"], out["finish_reason"], out["refusal"]),
                         (True, "refusal", ""))

    def events(self, *pieces):
        return sse(
            {"type": "message_start", "message": {"model": "m"}},
            {"type": "ping"},
            {"type": "content_block_start", "index": 0, "content_block":
                {"type": "tool_use", "id": "i", "name": "f", "input": {}}},
            *[{"type": "content_block_delta", "index": 0, "delta":
                {"type": "input_json_delta", "partial_json": p}}
              for p in pieces],
            {"type": "new", "index": 0},
            {"type": "message_delta", "delta": {"stop_reason": "tool_use"}},
            {"type": "message_stop"})

    def test_stream_of_a_call(self):                     # rules 12, 27
        for pieces, value in ((("", '{"a"', ":1}"), {"a": 1}), ((), {})):
            out = read("messages", self.events(*pieces), True)
            self.assertEqual(out["tool_calls"][0]["arguments"], value)
        out = read("messages", self.events('{"a'), True)
        self.assertEqual(out["tool_calls"][0]["arguments_raw"], '{"a')

    def test_error_after_text(self):                     # rules 29, 32
        out = read("messages", sse(
            {"type": "content_block_delta", "index": 0,
             "delta": {"type": "text_delta", "text": "Hel"}},
            {"type": "error", "error": {"type": "overloaded_error",
                                        "message": "Overloaded"}}), True)
        self.assertEqual((out["ok"], out["text"], out["error"]), (
            False, "Hel", {"code": "overloaded", "http_status": 200,
                           "message": "Overloaded"}))


def candidate(parts, finish=None, **more):
    one = {"content": {"parts": parts}, "index": 0}
    if finish:
        one["finishReason"] = finish
    return dict({"candidates": [one]}, **more)


class Gemini(unittest.TestCase):
    def test_parts(self):                                # rules 3, 7, 11, 16
        out = read("generate_content", candidate([
            {"text": "t", "thought": True}, {"text": "a"},
            {"executableCode": {"code": "no"}}, {"inlineData": {"data": "x"}},
            {"functionCall": {"name": "f"}},
            {"functionCall": {"name": "g", "args": {"a": 1}, "id": "q"}},
        ], "STOP", modelVersion="m"))
        self.assertEqual((out["text"], out["reasoning"]), ("a", "t"))
        self.assertEqual(out["finish_reason"], "tool_calls")
        self.assertEqual(out["tool_calls"], [
            {"id": None, "name": "f", "arguments": {}},
            {"id": "q", "name": "g", "arguments": {"a": 1}}])

    def test_blocked(self):                              # rule 30
        block = {"promptFeedback": {"blockReason": "SAFETY"}}
        for out in (read("generate_content", block),
                    read("stream_generate_content", sse(block), True)):
            self.assertEqual(out["error"], {"code": "content_filter",
                                            "http_status": 200})

    def test_array_stream(self):                         # rule 24
        body = json.dumps([candidate([{"text": "a"}]),
                           candidate([{"text": "b"}], "STOP")])
        self.assertEqual(read("stream_generate_content", body, True)["text"],
                         "ab")
        for cut in (body[:-1], json.dumps([candidate([{"text": "a"}])])):
            self.assertEqual(read("stream_generate_content", cut, True)
                             ["error"]["code"], "truncated")

    def test_numbers_for_names_are_out(self):            # rule 14
        body = candidate([{"text": "a"}])
        body["candidates"][0]["finishReason"] = 1
        self.assertIsNone(read("generate_content", body))
        self.assertIsNone(read("stream_generate_content", sse(body), True))


class Bedrock(unittest.TestCase):
    def test_converse(self):                             # rules 3, 7, 10
        out = read("converse", {"output": {"message": {"content": [
            {"reasoningContent": {"reasoningText": {"text": "r"}}},
            {"reasoningContent": {"redactedContent": "no"}},
            {"text": "a"}, {"citationsContent": {"content": [{"text": "b"}]}},
            {"toolUse": {"toolUseId": "s", "name": "n", "input": {},
                         "type": "server_tool_use"}},
            {"toolUse": {"toolUseId": "i", "name": "f", "input": {"a": 1}}}
        ]}}, "stopReason": "tool_use"})
        self.assertEqual((out["text"], out["reasoning"]), ("ab", "r"))
        self.assertEqual([c["id"] for c in out["tool_calls"]], ["i"])

    def frames(self):
        return [event("messageStart", {"role": "assistant"}),
                event("contentBlockDelta", {"contentBlockIndex": 1, "delta":
                      {"reasoningContent": {"text": "r"}}}),
                event("contentBlockDelta", {"contentBlockIndex": 0,
                                            "delta": {"text": "a"}}),
                event("contentBlockStart", {"contentBlockIndex": 2, "start":
                      {"toolUse": {"toolUseId": "i", "name": "f"}}}),
                event("contentBlockDelta", {"contentBlockIndex": 2, "delta":
                      {"toolUse": {"input": '{"a"'}}}),
                event("contentBlockDelta", {"contentBlockIndex": 2, "delta":
                      {"toolUse": {"input": ":1}"}}}),
                event("messageStop", {"stopReason": "tool_use"}),
                event("metadata", {"usage": {"inputTokens": 3}})]

    def test_converse_stream(self):                      # rules 22, 24, 26
        frames = self.frames()
        out = read("converse_stream", b"".join(frames), True)
        self.assertEqual((out["text"], out["reasoning"], out["usage"]),
                         ("a", "r", {"input_tokens": 3}))
        self.assertEqual(out["tool_calls"], [
            {"id": "i", "name": "f", "arguments": {"a": 1}}])
        out = read("converse_stream", b"".join(frames[:-1]), True)
        self.assertEqual((out["ok"], out["usage"]), (True, {}))
        out = read("converse_stream", b"".join(frames[:-1])[:-1], True)
        self.assertEqual((out["error"]["code"], out["text"]),
                         ("truncated", "a"))

    def test_checksums(self):                            # rule 28
        good = self.frames()
        bad = frame({"delta": {"text": "no"}}, spoil=1,
                    event_type="contentBlockDelta", message_type="event")
        out = read("converse_stream", good[2] + bad + good[6], True)
        self.assertEqual((out["error"]["code"], out["text"]),
                         ("protocol", "a"))
        spoilt = bytearray(b"".join(good))
        spoilt[9] ^= 1                                   # the prelude's own
        self.assertEqual(read("converse_stream", bytes(spoilt), True)
                         ["error"]["code"], "protocol")

    def test_exceptions(self):                           # rule 29
        for kind, code in (("throttlingException", "rate_limit"),
                           ("validationException", "bad_request"),
                           ("modelStreamErrorException", "server"),
                           ("serviceUnavailableException", "overloaded")):
            body = self.frames()[2] + frame(
                {"message": "m"}, exception_type=kind,
                message_type="exception")
            out = read("converse_stream", body, True)
            self.assertEqual((out["text"], out["error"]), ("a", {
                "code": code, "http_status": 200, "message": "m"}))
        out = read("converse_stream", frame(
            b"", error_code="InternalFailure", error_message="m",
            message_type="error"), True)
        self.assertEqual(out["error"]["code"], "server")

    def test_invoke(self):                               # rule 34
        events = [{"type": "message_start", "message": {"model": "m"}},
                  {"type": "content_block_delta", "index": 0,
                   "delta": {"type": "text_delta", "text": "a"}},
                  {"type": "message_stop",
                   "amazon-bedrock-invocationMetrics": {}}]
        body = b"".join(event("chunk", {"bytes": base64.b64encode(
            json.dumps(e).encode()).decode(), "p": "ab"}) for e in events)
        one = record("invoke_stream", body, True)
        self.assertEqual(reader.dialect(one), "bedrock_invoke")
        self.assertEqual(reader.read(one)["text"], "a")
        self.assertEqual(reader.terminal_offset(one), len(body))
        for body, kind in (
                ({"type": "message", "content": []}, "bedrock_invoke"),
                ({"embedding": [1], "inputTextTokenCount": 1}, "embed:titan"),
                ({"embeddings": [[1]], "response_type":
                    "embeddings_floats"}, "embed:cohere"),
                ({"generation": "other vendor"}, None)):
            self.assertEqual(reader.dialect(record("invoke", body)), kind)


class Others(unittest.TestCase):
    def test_ollama(self):                               # rules 3, 19, 24
        out = read("api_chat", lines(
            {"model": "m", "message": {"thinking": "t", "content": ""}},
            {"message": {"content": "a"}, "done": False},
            {"message": {"content": "", "tool_calls": [
                {"function": {"name": "f", "arguments": {"a": 1}}}]},
             "done": True, "done_reason": "stop", "prompt_eval_count": 0,
             "eval_count": 2}), True)
        self.assertEqual((out["text"], out["reasoning"],
                          out["finish_reason"]), ("a", "t", "tool_calls"))
        self.assertEqual(out["usage"], {"input_tokens": 0,
                                        "output_tokens": 2})
        self.assertEqual(out["tool_calls"][0]["id"], None)

    def test_ollama_fails(self):                         # rules 25, 28, 29
        some = lines({"message": {"content": "a"}, "done": False})
        for body, code in ((some + '{"error":"m"}\n', "server"),
                           (some, "truncated"), (some + '{"mess', "truncated"),
                           (some + "nonsense\n", "protocol")):
            out = read("api_chat", body, True)
            self.assertEqual((out["error"]["code"], out["text"]), (code, "a"))

    def test_cohere(self):                               # rules 3, 31
        out = read("chat_v2", {"message": {"tool_plan": "p", "content": [
            {"type": "thinking", "thinking": "t"},
            {"type": "text", "text": "a"}], "tool_calls": [call(id="i")]},
            "finish_reason": "TOOL_CALL", "usage": {}})
        self.assertEqual((out["text"], out["reasoning"],
                          out["finish_reason"]), ("a", "pt", "tool_calls"))
        for word, code in (("ERROR", "server"), ("TIMEOUT", "timeout")):
            out = read("chat_v2", {"message": {}, "finish_reason": word})
            self.assertEqual(out["error"]["code"], code)

    def test_cohere_stream(self):                        # rule 24
        def delta(kind, index=0, **message):
            return {"type": kind, "index": index,
                    "delta": {"message": message}}
        out = read("chat_v2", sse(
            {"type": "message-start"}, delta("tool-plan-delta",
                                             tool_plan="p"),
            delta("content-start", content={"type": "text", "text": ""}),
            delta("content-delta", content={"text": "a"}),
            delta("tool-call-start", 1, tool_calls=call("f", "", id="i")),
            delta("tool-call-delta", 1, tool_calls=call(None, '{"a":1}')),
            {"type": "message-end", "delta": {"finish_reason": "TOOL_CALL",
             "usage": {"tokens": {"input_tokens": 3}}}}, "[DONE]"), True)
        self.assertEqual((out["text"], out["reasoning"], out["usage"]),
                         ("a", "p", {"input_tokens": 3}))
        self.assertEqual(out["tool_calls"], [
            {"id": "i", "name": "f", "arguments": {"a": 1}}])

    def test_embeddings(self):                           # rules 23, 33
        raw = base64.b64encode(struct.pack("<2f", 0.1, -2)).decode()
        out = read("embeddings", {"model": "m", "data": [
            {"index": 1, "embedding": [3, 4]},
            {"index": 0, "embedding": raw}], "usage": {"total_tokens": 7}})
        self.assertEqual(out["usage"], {"input_tokens": 7})
        self.assertTrue(compare.same_vectors(out["embeddings"],
                                             [[0.1, -2.0], [3, 4]]))
        for operation, body in (
                ("batch_embed_contents", {"embeddings": [{"values": [1]}]}),
                ("embed_content", {"embedding": {"values": [1]}}),
                ("predict", {"predictions": [{"embeddings":
                                              {"values": [1]}}]}),
                ("embed_v2", {"embeddings": {"float": [[1]]}}),
                ("api_embed", {"embeddings": [[1]]}),
                ("api_embeddings", {"embedding": [1]}),
                ("feature_extraction", [1])):
            self.assertEqual(read(operation, body)["embeddings"], [[1]],
                             operation)

    def test_transcripts(self):                          # rules 24, 33
        self.assertEqual(read("audio_transcriptions", {"text": " a"}),
                         {"id": "x", "ok": True, "text": " a"})
        end = {"type": "transcript.text.done", "text": "ab"}
        deltas = [{"type": "transcript.text.delta", "delta": d}
                  for d in "ab"]
        for body in (sse(*deltas, end), sse(end)):
            self.assertEqual(read("audio_transcriptions", body, True)["text"],
                             "ab")
        out = read("audio_transcriptions", sse(*deltas), True)
        self.assertEqual((out["text"], out["error"]["code"]),
                         ("ab", "truncated"))

    def test_counts_and_models(self):                    # rule 33
        for body in ({"input_tokens": 5}, {"inputTokens": 5},
                     {"totalTokens": 5}):
            self.assertEqual(read("count_tokens", body)["tokens"], 5)
        self.assertEqual(read("models", {"data": [{"id": "a"}]})["models"],
                         ["a"])
        self.assertEqual(read("models", {"models": [{"name": "models/a"}]})
                         ["models"], ["a"])
        self.assertIsNone(read("models", {"id": "one"}))

    def test_aws(self):                                  # rule 33
        self.assertEqual(read("s3_get_object", "é")["value"], "é")
        self.assertEqual(read("s3_get_object", b"\xff")["value_b64"], "/w==")
        self.assertIsNone(read("s3_get_object", "a", status=206))
        self.assertEqual(read("GetParameter", {"Parameter": {"Value": "v"}})
                         ["value"], "v")
        self.assertEqual(read("GetSecretValue", {"SecretString": "v"})
                         ["value"], "v")
        for raw, name, value in ((b"v", "value", "v"),
                                 (b"\xff", "value_b64", "/w==")):
            out = read("GetSecretValue", {
                "SecretBinary": base64.b64encode(raw).decode()})
            self.assertEqual(out[name], value)

    def test_object_list(self):                          # rule 33
        out = read("s3_list_objects_v2", '<?xml version="1.0"?>'
                   '<ListBucketResult xmlns="x"><Prefix>no</Prefix>'
                   "<NextContinuationToken>a/+=</NextContinuationToken>"
                   "<Contents><Key>a&amp;&#x3C;b</Key></Contents>"
                   "<CommonPrefixes><Prefix>c/</Prefix></CommonPrefixes>"
                   "</ListBucketResult>")
        self.assertEqual((out["keys"], out["prefixes"], out["next_token"]),
                         (["a&<b"], ["c/"], "a/+="))

    def test_out_of_scope(self):                         # rules 14, 36
        for operation in ("completions_legacy", "embed_v1", "api_generate",
                          "files", "rerank_v2", "s3_put_object",
                          "interactions", "moderations"):
            self.assertIsNone(read(operation, {}), operation)
        self.assertIsNone(read("chat_v1", {}, provider="cohere"))
        self.assertEqual(reader.dialect(record("chat_v1", {"choices": []},
                                               provider="writer")), "openai")
        self.assertIsNone(chat({"function_call": {"name": "f"}}))
        self.assertIsNotNone(chat({"function_call": {"name": ""}}))
        start = {"type": "message_start", "message": {}}
        self.assertIsNone(read("messages", sse(start, start), True))
        self.assertIsNone(chat_stream(
            chunk({"content": "a"}, "stop", id="1"),
            chunk({"content": "b"}, "stop", id="2")))
        self.assertIsNone(read("responses", sse(chunk(
            {}, object="chat.completion.chunk")), True))


class Errors(unittest.TestCase):
    def error(self, status, body, headers=None, operation="chat_completions"):
        return read(operation, body, status=status,
                    headers=headers)["error"]

    def test_shapes(self):                               # WIRE.md 16
        for body in ({"error": {"message": "m"}}, {"error": "m"},
                     {"error": ["m"]}, {"message": "m"}, {"detail": "m"},
                     {"__type": "x", "Message": "m"}, [{"error": {
                         "message": "m"}}], "<Error><Message>m</Message>"
                     "</Error>"):
            self.assertEqual(self.error(418, body), {
                "code": "bad_request", "http_status": 418, "message": "m"})
        self.assertEqual(self.error(502, "<html></html>"),
                         {"code": "server", "http_status": 502})

    def test_order(self):                                # rule 29
        for status, body, code in (
                (400, {"error": {"message": "Incorrect API key provided",
                                 "code": "x"}}, "auth"),
                (429, {"message": "invalid api key"}, "rate_limit"),
                (500, {"message": "invalid api key"}, "server"),
                (400, {"message": "prompt is too long: 9"}, "context_length"),
                (413, {"message": "exceeds the context window"},
                 "context_length"),
                (429, {"message": "prompt is too long"}, "rate_limit"),
                (413, {"error": {"code": "rate_limit_exceeded",
                                 "message": "Request too large"}},
                 "rate_limit"),
                (402, {"error": {"code": "invalid_request_error"}}, "quota"),
                (429, {"error": {"status": "RESOURCE_EXHAUSTED",
                                 "message": "exceeded your current quota"}},
                 "rate_limit"),
                (429, {"error": {"type": "insufficient_quota"}}, "quota"),
                (400, {"error": {"status": 400, "details": [
                    {"reason": "API_KEY_INVALID"}]}}, "auth"),
                (400, {"error": {"code": None, "innererror": {
                    "code": "ResponsibleAIPolicyViolation"}}},
                 "content_filter"),
                (400, {"message": "The provided model identifier is "
                       "invalid."}, "not_found"),
                (400, {"type": "invalid_model"}, "not_found"),
                (400, {"__type": "a.b#ThrottlingException"}, "rate_limit"),
                (400, {"error_type": "TOO_MANY_TOKENS"}, "context_length")):
            self.assertEqual(self.error(status, body)["code"], code, body)

    def test_status(self):                               # rule 29 e
        for status, code in ((400, "bad_request"), (401, "auth"),
                             (402, "quota"), (403, "permission"),
                             (404, "not_found"), (408, "timeout"),
                             (410, "not_found"), (422, "bad_request"),
                             (424, "server"), (429, "rate_limit"),
                             (500, "server"), (503, "overloaded"),
                             (504, "timeout"), (529, "overloaded"),
                             (301, "bad_request"), (418, "bad_request")):
            self.assertEqual(self.error(status, "")["code"], code)

    def test_header_and_xml(self):                       # rule 29 c
        self.assertEqual(self.error(
            429, {"message": "m"}, {"x-amzn-ErrorType":
                                    "ModelNotReadyException:http://x/"},
            "converse")["code"], "overloaded")
        self.assertEqual(self.error(
            503, "<Error><Code>SlowDown</Code></Error>", None,
            "s3_get_object"), {"code": "rate_limit", "http_status": 503})

    def test_inside_200(self):                           # rules 29, 30
        for inner, code in (({"code": 502, "message": "m"}, "server"),
                            ({"code": 400, "message": "m"}, "bad_request"),
                            ({"status_code": 429, "message": "m"},
                             "rate_limit"),
                            ({"type": "invalid_request_error",
                              "message": "m"}, "bad_request"),
                            ({"code": "content_filter", "message": "m"},
                             "content_filter"),
                            ({"message": "m"}, "server")):
            want = {"code": code, "http_status": 200, "message": "m"}
            self.assertEqual(read("chat_completions", {"error": inner})
                             ["error"], want)
            out = chat_stream(chunk({"content": "a"}), {"error": inner})
            self.assertEqual((out["error"], out["text"]), (want, "a"))

    def test_late_error(self):                           # rule 26
        out = chat_stream(chunk({"content": "a"}, "stop"),
                          {"error": {"message": "m"}})
        self.assertEqual((out["ok"], out["text"]), (False, "a"))

    def test_not_the_protocol(self):                     # rule 28
        for operation in ("chat_completions", "responses", "messages",
                          "generate_content", "converse", "api_chat",
                          "chat_v2", "embeddings", "count_tokens",
                          "GetParameter", "GetSecretValue",
                          "s3_list_objects_v2", "audio_transcriptions"):
            for body in ("{}", "<html>"):
                self.assertEqual(read(operation, body)["error"]["code"],
                                 "protocol", operation)


class Cuts(unittest.TestCase):
    STREAMS = {
        "chat_completions": sse(chunk({"content": "é"}), chunk({}, "stop"),
                                "[DONE]"),
        "responses": sse({"type": "response.output_text.delta",
                          "delta": "é"}, done([message("é")])),
        "messages": sse({"type": "message_start", "message": {}},
                        {"type": "message_stop"}),
        "stream_generate_content": sse(candidate([{"text": "é"}]),
                                       candidate([], "STOP"), end="\r\n"),
        "converse_stream": event("messageStart", {}) +
        event("messageStop", {"stopReason": "x"}) + event("metadata", {}),
        "api_chat": lines({"message": {"content": "é"}},
                          {"done": True, "done_reason": "stop"}),
        "chat_v2": sse({"type": "message-start"},
                       {"type": "message-end", "delta": {}}, "[DONE]"),
        "audio_transcriptions": sse({"type": "transcript.text.done",
                                     "text": "é"}),
    }

    def test_every_cut(self):                            # rules 24, 25, 26
        for operation, body in self.STREAMS.items():
            one = record(operation, body, True)
            whole, at = reader.body_of(one), reader.terminal_offset(one)
            self.assertTrue(0 < at <= len(whole), operation)
            for n in range(len(whole) + 1):
                out = reader.read(one, whole[:n])
                self.assertEqual(out["ok"], n >= at, (operation, n, at))
                if n < at:
                    self.assertEqual(out["error"]["code"], "truncated")

    def test_no_offset_of_a_unary_reply(self):
        self.assertIsNone(reader.terminal_offset(record("messages", {})))
        self.assertIsNone(reader.terminal_offset(
            record("messages", {}, True, status=400)))


class Compare(unittest.TestCase):
    def test_differences(self):
        want = chat({"content": "a", "tool_calls": [call()]},
                    usage={"prompt_tokens": 1})
        have = json.loads(json.dumps(want))
        have["tool_calls"] = [{"id": "made", "name": "f",
                               "arguments": reader.Obj([])}]
        have["latency_ms"] = 3
        self.assertEqual(compare.differences(want, have), [])
        for name, value in (("ok", False), ("text", "b"), ("refusal", "x"),
                            ("finish_reason", "stop"), ("model_used", "n"),
                            ("usage", {}), ("tool_calls", []),
                            ("usage", {"input_tokens": 1,
                                       "output_tokens": 0}),
                            ("error", {"code": "x"})):
            self.assertTrue(compare.differences(want,
                                                dict(have, **{name: value})))

    def test_lines_but_for_times(self):                  # rule 35
        a = {"id": "x", "events": 3, "attempts": [{"latency_ms": 1}]}
        b = {"id": "x", "events": 9, "attempts": [{"latency_ms": 2}]}
        self.assertEqual(compare.line_differs(a, b), [])
        self.assertTrue(compare.line_differs(a, dict(b, id="y")))

    def test_vectors(self):
        self.assertTrue(compare.same_vectors([[0.1]], [[0.10000000149]]))
        self.assertFalse(compare.same_vectors([[0.1]], [[0.1001]]))
        self.assertFalse(compare.same_vectors([[0.1]], None))


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
