#!/usr/bin/env python3
"""Tests of tools/models.py: its rules with small sources written by hand, and the committed table against the real ones where they are there."""
import contextlib
import io
import json
import os
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "tools"))
import models  # noqa: E402

SPECS = os.path.join(os.environ.get("LLMF_SHARED") or os.path.join(HERE, "..", "..", "..", "shared"), "specs", "models")

CHOICE = """
source models.dev dev.json   20260702
source litellm    price.json 20260602

[HOUSE]
models.dev house
litellm    house -house/
take       m* embed-*
also       dated-2026-01-01 whisper-* gone-* dead-*
leave      m-left
write_1h   m-1h
fact       +can F m
fact       context 7 m-fact

[OTHER]
like       HOUSE
leave      embed-*
"""

TABLE = f"""LLMF_FAMILY(HOUSE, "m", SOME)
LLMF_FAMILY(HOUSE, "m-2", MORE)
LLMF_MODEL(HOUSE, "m-hand", 1, 2, 3, 4, -1, -1, -1, "T", PLAIN, 20250101, 0)
{models.BEGIN}
LLMF_MODEL(HOUSE, "m", 1, 2, 3, 4, -1, -1, -1, "", KEPT, 20250101, 0)
LLMF_MODEL(HOUSE, "m-unheard", 1, 2, 3, 4, -1, -1, -1, "T", PLAIN, 20250101, 0)
LLMF_MODEL(HOUSE, "m-old", 1, 2, 3, 4, -1, -1, -1, "T", PLAIN, 20250101, 0)
{models.END}behind
"""


def entry(**changes):
    e = {"last_updated": "2026-01-01", "modalities": {"input": ["text"], "output": ["text"]}, "tool_call": True, "reasoning": False,
         "limit": {"context": 1000, "output": 100}, "cost": {"input": 1, "output": 2}}
    return {**e, **changes}


def price(input, output, **changes):
    return {"litellm_provider": "house", "mode": "chat", "input_cost_per_token": input, "output_cost_per_token": output, **changes}


class Tool(unittest.TestCase):
    def run_tool(self, dev, prices, choice=CHOICE, table=TABLE):
        """The rows that come of these sources; self.said: what was told on stderr."""
        said = io.StringIO()
        with tempfile.TemporaryDirectory() as folder:
            def put(name, text):
                path = os.path.join(folder, name)
                with open(path, "w", encoding="utf-8") as f:
                    f.write(text)
                return path
            put("dev.json", json.dumps({"house": {"models": dev}}))
            put("price.json", json.dumps(prices))
            try:
                with contextlib.redirect_stderr(said):
                    self.text = models.rewrite(folder, put("choice", choice), put("table", table))
            finally:
                self.said = said.getvalue()
        self.assertEqual(self.text.count(models.BEGIN), 1)
        return models.read_rows(self.text.split(models.BEGIN)[1].split(models.END)[0])

    def test_prices_are_exact(self):
        for text, scale, whole in (("0.075", models.MILLION, 75000), ("1e-7", models.TOKEN, 100000), ("0.00000125", models.TOKEN, 1250000), ("0", models.MILLION, 0),
                                   ("0.049999999999999996", models.MILLION, 50000), ("2.9999999999999997e-06", models.TOKEN, 3000000), ("0.000001", models.MILLION, 1)):
            self.assertEqual(models.pico(models.Decimal(text), scale, "x"), whole, text)
        with contextlib.redirect_stderr(io.StringIO()):
            for text in ("0.0000375", "0.00000005", "-1", "3000"):
                self.assertIsNone(models.pico(models.Decimal(text), models.MILLION, "x"), text)
        self.assertIsNone(models.pico(None, models.MILLION, "x"))
        self.assertIsNone(models.pico("free", models.MILLION, "x"))

    def test_newest_source_counts(self):
        rows = self.run_tool({"m-2": entry()}, {"house/m-2": price(9e-6, 2e-6, max_input_tokens=1000, cache_read_input_token_cost=5e-7)})
        row = rows["HOUSE", "m-2"]
        self.assertEqual((row["input"], row["output"], row["cache_read"], row["checked"]), (1000000, 2000000, 500000, 20260702))
        self.assertIn("HOUSE m-2: input is 1000000 (models.dev); litellm has 9000000", self.said)
        self.assertNotIn("output is", self.said)
        self.assertNotIn("context is", self.said)

    def test_quirks(self):
        rows = self.run_tool({"m": entry(), "m-1": entry(), "m-2-x": entry(), "embed-1": entry()}, {})
        self.assertEqual([rows["HOUSE", id]["quirks"] for id in ("m", "m-1", "m-2-x", "embed-1")], ["KEPT", "SOME", "MORE", "PLAIN"])

    def test_what_is_taken(self):
        rows = self.run_tool({"m-left": entry(), "x": entry(), "m-image": entry(modalities={"input": ["text"], "output": ["image"]}),
                              "m-dead": entry(status="deprecated"), "m-old": entry(status="deprecated"), "m-hand": entry()},
                             {"house/m-only-here": price(1e-6, 2e-6), "house/gone-1": price(1e-6, 2e-6, deprecation_date="2026-01-31"),
                              "house/dead-1": price(1e-6, 2e-6, deprecation_date="2025-06-30")})
        self.assertEqual({id for provider, id in rows if provider == "HOUSE"}, {"m", "m-unheard", "m-old", "gone-1"})
        self.assertEqual(rows["HOUSE", "gone-1"]["ends"], 20260131)
        self.assertEqual(rows["HOUSE", "m-unheard"]["input"], 3)
        self.assertIn("HOUSE m-unheard: no source has it any more; its row stays as it was on 20250101", self.said)
        self.assertIn("HOUSE dead-1: ended on 20250630, more than a year ago", self.said)
        self.assertIn('"m-hand"', self.text.split(models.BEGIN)[0])
        self.assertTrue(self.text.endswith(models.END + "behind\n"))

    def test_like_another(self):
        rows = self.run_tool({"m": entry(), "embed-1": entry()}, {})
        self.assertEqual({**rows["OTHER", "m"]}, rows["HOUSE", "m"])
        self.assertNotIn(("OTHER", "embed-1"), rows)

    def test_unknown_is_not_free(self):
        rows = self.run_tool({"m-a": entry(cost={}), "m-b": entry(cost={"input": 0, "output": 0}), "m-c": entry(cost={"input": 1, "output": 2, "cache_read": 0, "cache_write": 0}),
                              "m-d": entry(cost={"input": 1, "output": 0}), "m-e": entry(cost={"input": 1, "output": 2, "reasoning": 3}),
                              "embed-1": entry(cost={"input": 1, "output": 0})},
                             {"house/dated-2026-01-01": price(0.0, 0.0), "house/whisper-1": price(1e-6, 1e-6, mode="audio_transcription")})
        prices = {id: (row["input"], row["output"], row["cache_read"], row["cache_write_5m"]) for (p, id), row in rows.items() if p == "HOUSE"}
        self.assertEqual(prices["m-a"], (-1, -1, -1, -1))
        self.assertEqual(prices["m-b"], (0, 0, -1, -1))
        self.assertEqual(prices["m-c"], (1000000, 2000000, -1, -1))
        self.assertEqual(prices["m-d"], (1000000, -1, -1, -1))
        self.assertEqual(prices["m-e"], (1000000, -1, -1, -1))
        self.assertEqual(prices["embed-1"], (1000000, 0, -1, -1))
        self.assertEqual(prices["dated-2026-01-01"], (-1, -1, -1, -1))
        self.assertEqual(prices["whisper-1"], (-1, -1, -1, -1))

    def test_long_prompts(self):
        step = {"input": 2, "output": 4, "tier": {"size": 500}}
        rows = self.run_tool({"m-a": entry(cost={"input": 1, "output": 2, "tiers": [step]}), "m-b": entry(), "m-c": entry(),
                              "m-d": entry(cost={"input": 1, "output": 2, "tiers": [{**step, "tier": {"size": 5000}}]})},
                             {"house/m-b": price(1e-6, 2e-6, input_cost_per_token_above_1k_tokens=2e-6, output_cost_per_token_above_1k_tokens=4e-6),
                              "house/m-c": price(5e-6, 2e-6, input_cost_per_token_above_1k_tokens=2e-6, output_cost_per_token_above_1k_tokens=4e-6)})
        steps = {id: [(t["above"], t["input"], t["output"]) for t in row["tiers"]] for (p, id), row in rows.items() if p == "HOUSE"}
        self.assertEqual(steps["m-a"], [(500, 2000000, 4000000)])
        self.assertEqual(steps["m-b"], [(1000, 2000000, 4000000)])
        self.assertEqual(steps["m-c"], [])  # another price below: another time
        self.assertEqual(steps["m-d"], [])  # above its window

    def test_by_hand_and_by_rule(self):
        rows = self.run_tool({"m": entry(), "m-fact": entry(), "m-1h": entry(cost={"input": 1, "output": 2, "cache_write": 1.25})}, {})
        self.assertEqual(rows["HOUSE", "m"]["can"], "TF")
        self.assertEqual((rows["HOUSE", "m-fact"]["context"], rows["HOUSE", "m-fact"]["max_output"]), (7, -1))
        self.assertEqual((rows["HOUSE", "m-1h"]["cache_write_5m"], rows["HOUSE", "m-1h"]["cache_write_1h"]), (1250000, 2000000))

    def test_again_gives_the_same(self):
        self.run_tool({"m": entry(), "m-2": entry()}, {})
        once = self.text
        self.run_tool({"m-2": entry(), "m": entry()}, {}, table=once)
        self.assertEqual(self.text, once)

    def test_wrong_input_is_told(self):
        for dev, choice, table, what in (({"m": entry(last_updated="2026-07-03")}, CHOICE, TABLE, "write its new day there"), ({}, CHOICE + "tkae m\n", TABLE, "cannot read this line"),
                                         ({}, "take m\n" + CHOICE, TABLE, "before the first [PROVIDER]"), ({}, CHOICE, "", "its marks are missing")):
            with self.assertRaises(SystemExit) as end:
                self.run_tool(dev, {}, choice, table)
            self.assertEqual(end.exception.code, 2)
            self.assertIn(what, self.said)

    def test_committed_table(self):
        if not os.path.isdir(SPECS):
            self.skipTest("no " + SPECS)
        with contextlib.redirect_stderr(io.StringIO()) as said:
            text = models.rewrite(SPECS, models.CHOICE, models.TABLE)
        self.assertEqual(text == models.read_text(models.TABLE), True, f"models.def is not what the sources give; mend it with: make models SPECS={SPECS}")
        self.assertRegex(said.getvalue(), r"\d+ models of \d+ providers")


def main():
    result = unittest.TextTestRunner(verbosity=0).run(unittest.defaultTestLoader.loadTestsFromTestCase(Tool))
    failed, skipped = len(result.failures) + len(result.errors), len(result.skipped)
    print("%d passed, %d failed, %d skipped" % (result.testsRun - failed - skipped, failed, skipped))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
