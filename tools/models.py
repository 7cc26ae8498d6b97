#!/usr/bin/env python3
"""Writes the models of models.def anew from the databases that tools/models.txt names.

    models.py SPECS            rewrites models.def between its two marks
    models.py --check SPECS    compares, and says how to mend a difference

Which fact counts, where sources disagree: that of the newest source that has one, fact by fact (`source` lines of models.txt, by their day); what the
others say is reported on stderr. Apart from that:
  - a price that a source guessed is none: ruby_llm's where it has no source of its own, LiteLLM's 0 where that stands for "not known"
  - what is said of a model's dated snapshot by LiteLLM alone gives way to its model in limits and capabilities, whose limits LiteLLM counts otherwise
  - prices above a prompt size are taken from an older source only where that has the same prices below it
  - a model billed by the minute (transcription) has no price for a token, and one whose thinking costs other than its answers none for output
  - a 0 for reading the cache or for answers, where the prompt is not free, stands in the databases for "none": not known; so does a price of writing the
    cache below that of the prompt, which is for storing alone
  - what models.txt says in a `fact` line is by hand, and counts before all
Prices are exact: decimal all the way, and whole pico-dollars a token or none.

A row keeps its quirks; a new one begins with those of the longest LLMF_FAMILY that fits. A row that no source has any more stays as it is, with its old
day. A row outside of the marks is written by hand: the tool leaves it alone and writes none of that id. A model whose end is more than a year before the
newest day goes; one that a source calls deprecated without a day comes in only if it has a row already.
Same files, same output: the order is that of the sections, then of ids downwards, so that of two names equally near to a wrong one the newer comes first."""
import datetime
import fnmatch
import json
import os
import re
import sys
from decimal import Decimal, InvalidOperation

HERE = os.path.dirname(os.path.abspath(__file__))
TABLE = os.path.join(HERE, "..", "models.def")
CHOICE = os.path.join(HERE, "models.txt")
BEGIN = "/* ---- models: written by `make models`; a row's quirks are kept ---- */\n"
END = "/* ---- end of what `make models` writes ---- */\n"
LETTERS = "TIAFRSEX"
PRICES = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h")
LIMITS = ("context", "max_output")
MOST = 2**31 - 1  # of a column
DATED = re.compile(r"-(20\d\d-?\d\d-?\d\d)$")

disagreements = 0


def say(*words):
    print("models.py:", *words, file=sys.stderr)


def stop(*words):
    say(*words)
    sys.exit(2)


# ---- numbers ----


def pico(value, scale, where):
    """A price as pico-dollars a token, or None. Databases print what binary arithmetic left of a decimal: a millionth of a pico-dollar is not meant."""
    if value is None or isinstance(value, bool):
        return None
    try:
        exact = Decimal(value) * scale
    except InvalidOperation:
        return None
    whole = exact.to_integral_value()
    if abs(exact - whole) > Decimal("0.000001") or not 0 <= whole <= MOST:
        if exact >= 0:
            say(f"{where}: {value} is no whole number of pico-dollars a token, or too much: not known")
        return None
    return int(whole)


MILLION, TOKEN = Decimal(10) ** 6, Decimal(10) ** 12


def count(value):
    try:
        n = int(value or 0)
    except (TypeError, ValueError):
        return None
    return n if 0 < n <= MOST else None


def day(text):
    """2026-07-21 as 20260721, or None."""
    digits = re.fullmatch(r"(20\d\d)-(\d\d)-(\d\d)", str(text or "")[:10])
    return int("".join(digits.groups())) if digits else None


# ---- sources: each entry becomes a dict of the same facts; a fact that is not known is absent ----


def letters(**has):
    """Of True, False and None (not said): what is said."""
    return {letter: bool(value) for letter, value in has.items() if value is not None}


def kind_of(id, mode, outputs):
    """E, X, "" for chat, or None: no model that answers with text."""
    if "embed" in mode or "embed" in id or "embeddings" in outputs:
        return "E"
    if "transcription" in mode or re.search("transcribe|whisper", id):
        return "X"
    if mode in ("", "chat", "responses", "completion") and (not outputs or "text" in outputs):
        return "" if not re.search("rerank|moderation|tts|guard", id) else None
    return None


def tier(above, prices):
    return {"above": above, **{name: value for name, value in prices.items() if value is not None}}


def dev_prices(cost, where):
    names = {"input": "input", "output": "output", "cache_read": "cache_read", "cache_write_5m": "cache_write"}
    return {ours: pico(cost.get(theirs), MILLION, where) for ours, theirs in names.items()}


def dev_cost(cost, where):
    """The `cost` of models.dev, which ruby_llm hands on."""
    facts = dev_prices(cost, where)
    facts["tiers"] = [tier(count(t["tier"]["size"]), dev_prices(t, where)) for t in cost.get("tiers") or []]
    if not facts["tiers"] and cost.get("context_over_200k"):
        facts["tiers"] = [tier(200000, dev_prices(cost["context_over_200k"], where))]
    facts["two_outputs"] = cost.get("reasoning") is not None and cost["reasoning"] != cost.get("output")
    return facts


def clean(facts):
    return {name: value for name, value in facts.items() if value is not None}


def from_models_dev(data, names):
    for provider in names:
        for id, e in data[provider]["models"].items():
            limit, inputs, outputs = e.get("limit") or {}, e["modalities"].get("input", []), e["modalities"].get("output", [])
            facts = {"kind": kind_of(id, "", outputs), "context": count(limit.get("context")), "max_output": count(limit.get("output"))}
            facts["dead"] = e.get("status") == "deprecated"
            facts["can"] = letters(T=e.get("tool_call"), I="image" in inputs, A="audio" in inputs, F="pdf" in inputs, R=e.get("reasoning"), S=e.get("structured_output"))
            facts.update(dev_cost(e.get("cost") or {}, f"models.dev {provider} {id}"))
            yield id, facts


def from_ruby_llm(data, names):
    listed = "listed" in names
    for e in data:
        meta, id = e["metadata"], e["id"]
        if e["provider"] not in names:
            continue
        known = meta.get("source") == "models.dev"
        if not known and not listed:
            continue
        where = f"ruby_llm {e['provider']} {id}"
        outputs = e["modalities"]["output"]
        inputs = set(e["modalities"]["input"]) | set(e["capabilities"])
        limit = meta.get("limit") or {}
        facts = {"kind": kind_of(id, "", outputs), "context": count(e.get("context_window")), "max_output": count(e.get("max_output_tokens"))}
        if known:
            facts.update(context=count(limit.get("context")), max_output=count(limit.get("output")))
        facts["dead"] = meta.get("status") == "deprecated"
        can = e["capabilities"]
        facts["can"] = letters(T="function_calling" in can, I="image" in inputs or "vision" in inputs, A="audio" in inputs, F="pdf" in inputs or "file" in inputs,
                               R="reasoning" in can, S="structured_output" in can or None)
        if meta.get("cost"):
            facts.update(dev_cost(meta["cost"], where))
        elif not known:
            text = (e["pricing"].get("text_tokens") or {}).get("standard") or {}
            for ours, theirs in (("input", "input"), ("output", "output"), ("cache_read", "cache_read_input"), ("cache_write_5m", "cache_write_input")):
                facts[ours] = pico(text.get(theirs + "_per_million"), MILLION, where)
        yield id, facts


def from_openrouter(data, names):
    for e in data["data"]:
        where, price, can = f"openrouter {e['id']}", e.get("pricing") or {}, e.get("supported_parameters") or []
        inputs = e["architecture"]["input_modalities"]
        facts = {"kind": kind_of(e["id"], "", e["architecture"]["output_modalities"]), "context": count(e.get("context_length")),
                 "max_output": count((e.get("top_provider") or {}).get("max_completion_tokens"))}
        facts["can"] = letters(T="tools" in can, I="image" in inputs, A="audio" in inputs, F="file" in inputs, R="reasoning" in can, S="structured_outputs" in can)
        for ours, theirs in (("input", "prompt"), ("output", "completion"), ("cache_read", "input_cache_read"), ("cache_write_5m", "input_cache_write")):
            facts[ours] = pico(price.get(theirs), TOKEN, where)
        yield e["id"], facts


LITELLM = {"input": "input_cost_per_token", "output": "output_cost_per_token", "cache_read": "cache_read_input_token_cost",
           "cache_write_5m": "cache_creation_input_token_cost", "cache_write_1h": "cache_creation_input_token_cost_above_1hr"}


def litellm_tiers(e, where):
    if e.get("tiered_pricing") and "range" in e["tiered_pricing"][0]:
        steps = [(count(t["range"][0]) or 0, {ours: pico(t.get(theirs), TOKEN, where) for ours, theirs in LITELLM.items()}) for t in e["tiered_pricing"]]
        return steps[0][1], [tier(above, prices) for above, prices in steps[1:]]
    sizes = sorted({int(m.group(1)) for m in (re.fullmatch(r"input_cost_per_token_above_(\d+)k_tokens", key) for key in e) if m})
    return {}, [tier(size * 1000, {ours: pico(e.get(f"{theirs}_above_{size}k_tokens"), TOKEN, where) for ours, theirs in LITELLM.items() if ours != "cache_write_1h"}) for size in sizes]


def from_litellm(data, names):
    free = "free" in names
    prefix = next((name[1:] for name in names if name.startswith("-")), "")
    for key, e in data.items():
        if e.get("litellm_provider") not in names:
            continue
        id = key[len(prefix):] if prefix and key.startswith(prefix) else key
        if (prefix and key != id and key in data and id in data and data[id].get("litellm_provider") in names) or key == "sample_spec":
            continue
        where = f"litellm {key}"
        kind = kind_of(id, e.get("mode") or "", e.get("supported_output_modalities") or [])
        inputs = e.get("supported_modalities") or []
        facts = {"kind": kind, "context": count(e.get("max_input_tokens") or e.get("max_tokens")), "max_output": count(e.get("max_output_tokens")),
                 "ends": day(e.get("deprecation_date"))}
        schema = e.get("supports_native_structured_output", False) if "native" in names else e.get("supports_response_schema")
        facts["can"] = letters(T=e.get("supports_function_calling", False), I=e.get("supports_vision", "image" in inputs), A=e.get("supports_audio_input", "audio" in inputs),
                               F=e.get("supports_pdf_input", False), R=e.get("supports_reasoning", False), S=schema)
        prices = {ours: pico(e.get(theirs), TOKEN, where) for ours, theirs in LITELLM.items()}
        base, facts["tiers"] = litellm_tiers(e, where)
        prices.update(base)
        steps = e.get("tiered_pricing") or [e]
        facts["two_outputs"] = any(s.get("output_cost_per_reasoning_token", s.get("output_cost_per_token")) != s.get("output_cost_per_token") for s in steps)
        if not free and prices["input"] == 0:
            prices = dict.fromkeys(prices)
        if prices["output"] == 0 and not free and kind != "E":
            prices["output"] = None
        facts.update(prices)
        yield id, facts


def newest_day(name, data):
    """The last day that the entries themselves name; 0: they name none."""
    if name == "ruby_llm":
        days = (e.get("created_at") for e in data)
    elif name == "models.dev":
        days = (e.get("last_updated") for provider in data.values() for e in provider["models"].values())
    elif name == "openrouter":
        days = (datetime.datetime.fromtimestamp(int(e["created"]), datetime.timezone.utc).isoformat() for e in data["data"] if e.get("created"))
    else:
        days = ()
    return max((day(text) or 0 for text in days), default=0)


READERS = {"ruby_llm": from_ruby_llm, "models.dev": from_models_dev, "litellm": from_litellm, "openrouter": from_openrouter}


# ---- models.txt ----


class Section:
    def __init__(self, name):
        self.name, self.names, self.globs, self.like = name, {}, {"take": [], "also": [], "leave": [], "write_1h": []}, None
        self.facts = []  # (column, value, globs)


def read_choice(path):
    sources, sections = [], []
    for number, line in enumerate(read_text(path).splitlines(), 1):
        words = line.split("#")[0].split()
        if not words:
            continue
        key, rest = words[0], words[1:]
        if key == "source" and len(rest) == 3 and rest[0] in READERS:
            sources.append((int(rest[2]), rest[0], rest[1]))
        elif key.startswith("[") and not rest:
            sections.append(Section(key.strip("[]")))
        elif not sections:
            stop(f"{path}:{number}: stands before the first [PROVIDER]")
        elif key in READERS:
            sections[-1].names[key] = rest
        elif key in sections[-1].globs:
            sections[-1].globs[key] += rest
        elif key == "fact" and len(rest) > 2 and rest[0] in FACTS:
            sections[-1].facts.append((rest[0], rest[1], rest[2:]))
        elif key == "like" and rest:
            sections[-1].like = next((s for s in sections if s.name == rest[0]), None) or stop(f"{path}:{number}: no section {rest[0]} before this one")
        elif key == "free":
            sections[-1].names.setdefault("litellm", []).append("free")
        else:
            stop(f"{path}:{number}: cannot read this line")
    return sorted(sources, reverse=True), sections


def fits(id, globs):
    return any(fnmatch.fnmatchcase(id, glob) for glob in globs)


# ---- models.def ----

ROW = re.compile(r'^LLMF_MODEL\((\w+), *"([^"]*)", *(.*)\)$')
TIER = re.compile(r'^LLMF_TIER\((\w+), *"([^"]*)", *(.*)\)$')
FAMILY = re.compile(r'^LLMF_FAMILY\((\w+), *"([^"]*)", *(\w+)\)$')
PREFIX = re.compile(r'^LLMF_PREFIX\((\w+), *"([^"]*)"\)$')
COLUMNS = LIMITS + PRICES + ("can", "quirks", "checked", "ends")
FACTS = LIMITS + PRICES + ("ends", "+can", "-can")  # what can be said by hand; quirks are, in the rows


def read_row(line):
    match = ROW.match(line)
    row = dict(zip(COLUMNS, (word.strip().strip('"') for word in match.group(3).split(","))))
    row = {name: value if name in ("can", "quirks") else int(value) for name, value in row.items()}
    row["tiers"] = []
    return (match.group(1), match.group(2)), row


def read_rows(text):
    rows = dict(read_row(line) for line in text.splitlines() if ROW.match(line))
    for match in filter(None, map(TIER.match, text.splitlines())):
        above, *prices = (int(n) for n in match.group(3).split(","))
        rows[match.group(1), match.group(2)]["tiers"].append(dict(zip(("above",) + PRICES[:4], [above] + prices)))
    return rows


def read_text(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def read_table(path):
    text = read_text(path)
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        stop(f"{path}: its marks are missing; they are\n{BEGIN}{END}")
    before, rest = text.split(BEGIN)
    middle, behind = rest.split(END)
    by_hand = {(m.group(1), m.group(2)) for m in map(ROW.match, (before + behind).splitlines()) if m}
    families = [m.groups() for m in map(FAMILY.match, text.splitlines()) if m]
    prefixes = [m.groups() for m in map(PREFIX.match, text.splitlines()) if m]
    families += [(provider, prefix + front, quirks) for provider, front, quirks in families for owner, prefix in prefixes if owner == provider]
    return before, read_rows(middle), behind, by_hand, families


def quirks_of(families, provider, id):
    best = max((f for f in families if f[0] == provider and id.startswith(f[1])), key=lambda f: len(f[1]), default=None)
    return best[2] if best else "PLAIN"


# ---- from what the sources say to a row ----


def disagree(where, fact, value, source, other, other_source):
    global disagreements
    disagreements += 1
    say(f"{where}: {fact} is {value} ({source}); {other_source} has {other}")


def merge(where, found):
    """Of [(day, source, facts)], newest first: the facts that count."""
    row = {"checked": found[0][0], "tiers": []}
    priced = None
    for name in LIMITS + PRICES + ("ends",):
        said = [(date, source, facts[name]) for date, source, facts in found if name in facts]
        row[name] = said[0][2] if said else (0 if name == "ends" else -1)
        if said and name == "input":
            priced = said[0][0]
        for date, source, value in said[1:]:
            if value != row[name]:
                disagree(where, name, row[name], said[0][1], value, source)
    row["checked"] = priced or row["checked"]
    if any(facts.get("two_outputs") for _, _, facts in found):
        say(f"{where}: its thinking costs other than its answers: the price of output is not known")
        row["output"] = -1
    kind = next((facts["kind"] for _, _, facts in found if facts.get("kind") in ("E", "X")), "")
    can = {}
    for _, _, facts in found:
        can = {**facts["can"], **can}
    row["can"] = kind or "".join(letter for letter in LETTERS if can.get(letter))
    for _, source, facts in found:
        if facts.get("tiers") and not row["tiers"]:
            if all(facts.get(name, -1) == row[name] for name in ("input", "output")):
                row["tiers"] = facts["tiers"]
            else:
                disagree(where, "prices of long prompts", "none: their short ones differ", "the row", facts["tiers"], source)
    return row


def by_hand_facts(section, id, row):
    for name, value, globs in section.facts:
        if not fits(id, globs):
            continue
        if name in ("+can", "-can"):
            had = set(row["can"])
            row["can"] = "".join(letter for letter in LETTERS if letter in (had | set(value) if name == "+can" else had - set(value)))
        else:
            row[name] = int(value)


def sane(where, row):
    """What cannot be true is not known."""
    if row["can"] == "X":
        row.update(dict.fromkeys(PRICES, -1), tiers=[])
    if row["can"] in ("E", "X"):
        row["max_output"] = -1
    if row["can"] == "E":
        row.update(cache_read=-1, cache_write_5m=-1, cache_write_1h=-1)
        if row["output"] < 0 <= row["input"]:
            row["output"] = 0
    if row["can"] == "E" and row["input"] > 5 * MILLION:
        say(f"{where}: {row['input']} for embeddings is a slip of the pen: not known")
        row.update(dict.fromkeys(PRICES, -1))
    if row["input"] > 0:
        row.update({name: -1 for name in ("output", "cache_read") if row[name] == 0 and row["can"] != "E"})
        row.update({name: -1 for name in ("cache_write_5m", "cache_write_1h") if row[name] < row["input"]})
    if row["cache_read"] > 0 and row["cache_read"] >= row["input"]:
        say(f"{where}: reading the cache for {row['cache_read']} is no cheaper than {row['input']}: not known")
        row["cache_read"] = -1
    if row["max_output"] > row["context"] > 0:
        say(f"{where}: an answer of {row['max_output']} in a window of {row['context']}: its length is not known")
        row["max_output"] = -1
    kept = []
    for step in sorted(row["tiers"], key=lambda step: step["above"]):
        last = kept[-1] if kept else row
        if step.get("input", -1) <= last["input"] or step.get("output", -1) <= last["output"] or 0 <= row["context"] < step["above"]:
            say(f"{where}: prices above {step['above']} tokens that are no higher, or above its window: left out")
        else:
            kept.append(step)
    row["tiers"] = kept


def spread_to_snapshots(rows, sole):
    """`sole`: the keys whose facts are LiteLLM's alone."""
    for key in sole:
        base = rows.get((key[0], DATED.sub("", key[1])))
        if base and base is not rows[key]:
            for name in LIMITS + ("can",):
                rows[key][name] = base[name]


def candidates(section, sources, data):
    """{id: [(day, source, facts)]} of one provider, newest first."""
    found = {}
    for date, source, _ in sources:
        if source in section.names:
            for id, facts in READERS[source](data[source], section.names[source]):
                found.setdefault(id, []).append((date, source, clean(facts)))
    return found


def chosen(section, id, found, has_row):
    """Whether models.txt takes it, all sources agree that it answers with text, and it is not dead without a day."""
    sole = all(source == "litellm" for _, source, _ in found)
    dead = next((facts["dead"] for _, _, facts in found if "dead" in facts), False) and not any("ends" in facts for _, _, facts in found)
    kinds = all("kind" in facts for _, _, facts in found)
    return kinds and fits(id, section.globs["also" if sole else "take"]) and not fits(id, section.globs["leave"]) and (has_row or not dead)


def of_section(section, sources, data, old, by_hand, families, rows, heard):
    sole = []
    for id, found in candidates(section, sources, data).items():
        key = (section.name, id)
        heard.add(key)
        if key in by_hand or '"' in id or "\\" in id or not chosen(section, id, found, key in old):
            continue
        where = " ".join(key)
        row = merge(where, found)
        if fits(id, section.globs["write_1h"]) and row["cache_write_5m"] > 0 <= row["input"]:
            if row["cache_write_1h"] not in (-1, 2 * row["input"]):
                disagree(where, "cache_write_1h", 2 * row["input"], "twice the input", row["cache_write_1h"], "litellm")
            row["cache_write_1h"] = 2 * row["input"]
        by_hand_facts(section, id, row)
        row["quirks"] = old[key]["quirks"] if key in old else quirks_of(families, section.name, id)
        rows[key] = row
        if all(source == "litellm" for _, source, _ in found):
            sole.append(key)
    spread_to_snapshots(rows, sole)
    for key in [key for key in rows if key[0] == section.name]:
        sane(" ".join(key), rows[key])


def of_like(section, old, rows):
    for provider, id in [key for key in rows if key[0] == section.like.name]:
        if not fits(id, section.globs["leave"]):
            key = (section.name, id)
            rows[key] = {**rows[provider, id], "quirks": old[key]["quirks"] if key in old else rows[provider, id]["quirks"]}


def all_rows(sources, sections, data, old, by_hand, families):
    rows, heard = {}, set()
    for section in sections:
        if section.like:
            of_like(section, old, rows)
        else:
            of_section(section, sources, data, old, by_hand, families, rows, heard)
    for key, row in old.items():
        if key not in rows and key not in by_hand and key not in heard:
            if key[0] not in {section.name for section in sections}:
                stop(f"{' '.join(key)} has a row, but its provider no section in models.txt")
            say(f"{' '.join(key)}: no source has it any more; its row stays as it was on {row['checked']}")
            rows[key] = row
    newest = sources[0][0]
    gone = [key for key, row in rows.items() if 0 < row["ends"] < newest - 10000]
    for key in gone:
        say(f"{' '.join(key)}: ended on {rows[key]['ends']}, more than a year ago: left out")
        del rows[key]
    return {key: rows[key] for section in sections for key in sorted((key for key in rows if key[0] == section.name), reverse=True)}


# ---- writing ----


def aligned(kind, rows):
    """Rows of cells; texts to the left, numbers to the right."""
    cells = [[cell if isinstance(cell, str) else str(cell) for cell in row] for row in rows]
    wide = [max(map(len, column)) + 1 for column in zip(*cells)]
    lines = []
    for row, raw in zip(cells, rows):
        line = ""
        for i, cell in enumerate(row):
            last = i == len(row) - 1
            if isinstance(raw[i], int):
                line += cell.rjust(wide[i] - 1) + ("" if last else ", ")
            else:
                line += cell if last else (cell + ",").ljust(wide[i]) + " "
        lines.append(f"{kind}({line})\n")
    return "".join(lines)


def write_rows(rows):
    models = [[p, f'"{id}"'] + [r[name] for name in LIMITS + PRICES] + [f'"{r["can"]}"', r["quirks"], r["checked"], r["ends"]] for (p, id), r in rows.items()]
    tiers = [[p, f'"{id}"', t["above"]] + [t.get(name, -1) for name in PRICES[:4]] for (p, id), r in rows.items() for t in r["tiers"]]
    return "\n" + aligned("LLMF_MODEL", models) + "\n" + aligned("LLMF_TIER", tiers) + "\n"


def read_source(specs, date, name, file):
    with open(os.path.join(specs, file), encoding="utf-8") as f:
        data = json.load(f, parse_float=Decimal)
    if newest_day(name, data) > date:
        stop(f"{file} has an entry of {newest_day(name, data)}, but models.txt says that it is of {date}: write its new day there")
    return data


def rewrite(specs, choice, table):
    """The whole text of the table as it should be."""
    sources, sections = read_choice(choice)
    data = {name: read_source(specs, date, name, file) for date, name, file in sources}
    before, old, behind, by_hand, families = read_table(table)
    rows = all_rows(sources, sections, data, old, by_hand, families)
    tiers = sum(len(row["tiers"]) for row in rows.values())
    say(f"{len(rows)} models of {len({key[0] for key in rows})} providers, {tiers} prices of long prompts, {disagreements} disagreements")
    return before + BEGIN + write_rows(rows) + END + behind


def main(arguments):
    check = arguments[:1] == ["--check"]
    if len(arguments) != 1 + check:
        stop(__doc__)
    text = rewrite(arguments[-1], CHOICE, TABLE)
    if not check:
        with open(TABLE, "w", encoding="utf-8", newline="\n") as f:
            f.write(text)
    elif text != read_text(TABLE):
        say(f"models.def is not what the sources give; mend it with: make models SPECS={arguments[-1]}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
