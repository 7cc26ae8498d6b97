#!/bin/sh
# The applications of examples/: each does its job on the loopback server, is killed half-way and run again, and is given what it must refuse.
# What counts is the number of requests that the server has seen: nothing that stands in a journal is asked again.
# APPS_FLAGS: more for the compiler, '-fsanitize=address,undefined'.
. tests/lib.sh
APPS_FLAGS=${APPS_FLAGS:-}
B=build/tests/apps # without libcurl, which takes longer to start than most of these runs
mkdir -p $B/kit
# shellcheck disable=SC2086
ok "the library compiles as an object" gcc -std=c99 -g $APPS_FLAGS -I. -DLLMF_NO_CURL=1 -DLLMFACTORY_IMPLEMENTATION -x c -c -o $B/kit/library.o llmfactory.h
for app in minutes ask-docs compare synth; do
    mkdir -p $B/$app
    # shellcheck disable=SC2086
    ok "$app compiles" gcc -std=c99 -Wall -Wextra -Werror -g $APPS_FLAGS -DKIT_LINKED -I. -o $B/$app/$app examples/$app/$app.c -xnone $B/kit/library.o -lm
    silent "$app compiles with clang" clang -std=c99 -Wall -Wextra -Werror -DKIT_LINKED -I. -fsyntax-only examples/$app/$app.c
done
ok "make apps builds them" sh -c 'make -nB apps CURL_LIBS=-lcurl | grep -c -- "-o build/examples/[a-z-]*/[a-z-]* .*library.o -lcurl -lm" | grep -qx 4'
start_server --max-seconds 900
[ "$word" = ready ] || { echo "FAILED: the loopback server did not start"; exit 1; }
export OPENAI_API_KEY=loopback-key ANTHROPIC_API_KEY=loopback-key
top=$PWD
quick="$base/x-vary" slow="$base/f700000/x-vary"
export APPS_SERVER="$quick"
cd "$t" || exit 1

# run APP ARGUMENTS...: what it says goes to $t/said and $t/told, its status to $status
run() {
    program=$top/$B/$1/$1
    shift
    "$program" "$@" >"$t/said" 2>"$t/told" </dev/null
    status=$?
}
ends() { # STATUS PATTERN APP ARGUMENTS...: it ends with that, and says so on stderr
    want=$1 pattern=$2
    shift 2
    run "$@"
    [ $status -eq "$want" ] && grep -qE -- "$pattern" "$t/told" && return
    echo "status $status, wanted $want: $pattern"
    cat "$t/said" "$t/told"
    return 1
}
is() { [ "$1" = "$2" ] || { echo "'$1' is not '$2'"; return 1; }; }
requests() { curl -fs "$base/stats" | sed 's/.*"requests":\([0-9]*\),.*/\1/'; }
reset() { curl -fs -X POST "$base/reset" >/dev/null; }
lines() { [ -f "$1" ] && wc -l <"$1" || echo 0; }
# killed JOURNAL LINES APP ARGUMENTS...: kill -9 as soon as the journal has so many lines, on a server that takes its time
killed() {
    journal=$1 enough=$2
    program=$top/$B/$3/$3
    shift 3
    reset
    APPS_SERVER=$slow "$program" "$@" >"$t/said" 2>"$t/told" </dev/null &
    pid=$!
    for _ in $(seq 600); do
        [ "$(lines "$journal")" -ge "$enough" ] && break
        kill -0 $pid 2>/dev/null || break
        sleep 0.05
    done
    kill -9 $pid 2>/dev/null && alive=1 || alive=0
    wait $pid 2>/dev/null
    kept=$(lines "$journal")
    [ $alive -eq 1 ] && [ "$kept" -ge "$enough" ] && [ "$(requests)" -ge 1 ] || { echo "it was over before it was killed ($alive, $kept)"; cat "$t/told"; return 1; }
}
# hammered JOURNAL APP ARGUMENTS...: killed again and again, at another moment each time, until it comes to its end; no answer was paid for and kept twice
hammered() {
    journal=$1
    program=$top/$B/$2/$2
    shift 2
    for k in 1 2 3 4 5 6 7 8 9; do
        APPS_SERVER="$base/f60000/x-vary" timeout -s KILL 0.$((k * 53 % 29 + 10)) "$program" "$@" >/dev/null 2>&1 && break
    done
    "$program" "$@" >"$t/said" 2>"$t/told" || { cat "$t/told"; return 1; }
    [ "$(cut -c1-74 "$journal" | sort -u | wc -l)" -eq "$(lines "$journal")" ] || { echo "an answer is twice in $journal"; return 1; }
}
refuses() { # APP ARGUMENTS-THAT-WOULD-DO...: what all applications have to refuse
    app=$1
    shift
    ok "$app: --help" sh -c "'$top/$B/$app/$app' --help | grep -q '^usage: $app '"
    ok "$app: no argument" ends 2 "$app \[options\]" "$app"
    ok "$app: an option that there is not" ends 2 '--bogus: no such option' "$app" --bogus "$@"
    ok "$app: an option without its value" ends 2 '--budget wants USD behind it' "$app" "$@" --budget
    ok "$app: a number that is none" ends 2 '--at-once many: a number from 1 to 32' "$app" --at-once many "$@"
    ok "$app: no key" sh -c "unset OPENAI_API_KEY ANTHROPIC_API_KEY; ! '$top/$B/$app/$app' --journal nokey.journal \"\$@\" 2>told && grep -q OPENAI_API_KEY told" - "$@"
    ok "$app: no config" ends 2 'nowhere\.yaml' "$app" -c nowhere.yaml "$@"
    printf 'models:\n  a: {provider: openai, model_id: x, temprature: 1}\n' >wrong.yaml
    ok "$app: a wrong config, with its place" ends 2 'wrong\.yaml:2:[0-9]+.*temprature' "$app" -c wrong.yaml "$@"
    echo 'no journal' >broken.journal
    ok "$app: a journal that is none, with its place" ends 2 'broken\.journal:1: this is no line of a journal' "$app" --journal broken.journal "$@"
}

# ---- minutes ----

cp "$top/examples/minutes/minutes.yaml" .
python3 - <<'PY'
import math, struct, wave
def tone(rate, seconds, level): return [level * math.sin(i * 2 * math.pi * 440 / rate) for i in range(int(rate * seconds))]
sound = []
for k in range(5): sound += tone(8000, 1.5, 0.5) + tone(8000, 0.6, 0.0001)
with wave.open("tones.wav", "wb") as w: # two channels, 24 bits
    w.setnchannels(2); w.setsampwidth(3); w.setframerate(8000)
    w.writeframes(b"".join(struct.pack("<i", int(v * 8388607))[:3] * 2 for v in sound))
data = b"".join(struct.pack("<f", v) for v in tone(8000, 5, 0.5))
open("float.wav", "wb").write(b"RIFF" + struct.pack("<I", 36 + len(data)) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 3, 1, 8000, 32000, 4, 32) + b"data" + struct.pack("<I", 0xFFFFFFFF) + data)
open("adpcm.wav", "wb").write(b"RIFF" + struct.pack("<I", 60) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 17, 1, 8000, 4000, 256, 4) + b"data" + struct.pack("<I", 24) + b"compressed sound, indeed")
open("cut.wav", "wb").write(open("tones.wav", "rb").read()[:30])
open("strange.wav", "wb").write(b"RIFF" + struct.pack("<I", 40) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 0, 8000, 4000, 2, 16) + b"data" + struct.pack("<I", 4) + b"1234")
open("talk.mp3", "wb").write(b"ID3 this is another type of file")
open("empty.wav", "wb")
PY
if command -v espeak-ng >/dev/null; then
    espeak-ng -w talk.wav -s 170 -m '<speak>We begin the meeting. <break time="900ms"/> The ferry will leave at nine from now on. <break time="900ms"/> Ada will write to the harbour until Friday.
        <break time="900ms"/> The budget for the new engine is agreed. <break time="900ms"/> Bo will ask for two offers. <break time="900ms"/> Thank you, and good bye.</speak>'
else
    skip "minutes: espeak-ng is not there, so tones stand for speech"
    cp tones.wav talk.wav
fi
cut_well() { # WAV PIECES LEAST-COUNT LOUDEST: the pieces are WAV files, together they are the whole, and each cut is in a silence
    python3 - "$@" <<'PY'
import glob, sys, wave
whole, folder, least, loudest = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
with wave.open(whole) as w: shape, width, data = w.getparams()[:3], w.getsampwidth() * w.getnchannels(), w.readframes(w.getnframes())
got = []
for name in sorted(glob.glob(folder + "/*.wav")):
    with wave.open(name) as w:
        assert w.getparams()[:3] == shape, name
        got.append(w.readframes(w.getnframes()))
assert len(got) >= least, len(got)
assert b"".join(got) == data
at = 0
for piece in got[:-1]:
    at += len(piece)
    around = data[at - 200 * width:at + 200 * width]
    n = shape[1]
    peak = max(abs(int.from_bytes(around[i:i + n], "little", signed=True)) for i in range(0, len(around), n)) / (1 << (8 * n - 1))
    assert peak < loudest, (at, peak)
print(len(got), "pieces")
PY
}
ok "minutes: pieces are written, and nothing is asked" ends 0 'piece 1 of' minutes --piece 3 --cut-to cuts talk.wav
ok "minutes: they are cut in silences, and together they are the whole" cut_well talk.wav cuts 4 0.02
pieces=$(find cuts -name '*.wav' | wc -l)
ok "minutes: two channels of 24 bits" ends 0 'piece 3 of' minutes --piece 2 --cut-to cuts24 tones.wav
ok "minutes: they too are cut in silences" cut_well tones.wav cuts24 4 0.001
ok "minutes: floats, an unknown length, no silence" ends 0 'no silence near .*cut where it is quietest' minutes --piece 2 --cut-to cutsf float.wav
ok "minutes: no piece is larger than is said" ends 0 'pieces of about 2 s, so that none has more than 0.12 MB' minutes --most 0.12 --cut-to cutsm tones.wav
ok "minutes: nor is one" sh -c '[ -z "$(find cutsm -size +119k)" ] && [ "$(find cutsm -name "*.wav" | wc -l)" -ge 4 ]'
ok "minutes: a limit below a second of sound" ends 2 'too little, as a second of tones.wav has 0.048 MB' minutes --most 0.05 --cut-to cutsm tones.wav
ok "minutes: nothing was asked for that" is "$(requests)" 0

ok "minutes: killed when two pieces are done" killed talk.wav.md.journal 2 minutes --piece 3 --at-once 2 talk.wav
ok "minutes: killed before the end" test ! -e talk.wav.md
printf '{"key":"0123' >>talk.wav.md.journal
reset
ok "minutes: run again; the line that was cut is dropped" ends 0 'the last line was cut off and is dropped' minutes --piece 3 --at-once 2 talk.wav
ok "minutes: it asks for what is missing, and the minutes, alone" is "$(requests)" $((pieces + 1 - kept))
ok "minutes: what was reused is told" grep -qE "^cost: [$][0-9.]+ for $((pieces + 1 - kept)) calls; reused: $kept that had cost [$]0\.000[0-9]+\$" told
ok "minutes: the journal has every piece once" is "$(cut -c1-74 talk.wav.md.journal | sort -u | wc -l) $(lines talk.wav.md.journal)" "$((pieces + 1)) $((pieces + 1))"
ok "minutes: a summary, decisions, actions" is "$(grep -cE '^(# .+|## (Summary|Decisions|Actions|What was said)|- .+ — .+, until .+)$' talk.wav.md)" 8
ok "minutes: each piece in its order" is "$(grep -c '^\[0:00:[0-9][0-9]\] heard [0-9]* bytes' talk.wav.md)" "$pieces"
ok "minutes: in the order of time" sh -c "grep -o '^\[0:00:..\]' talk.wav.md | sort -c"
cp talk.wav.md before.md
reset
ok "minutes: once more costs nothing" ends 0 'cost: \$0\.000000 for 0 calls; reused' minutes --piece 3 talk.wav
ok "minutes: and asks nothing" is "$(requests)" 0
ok "minutes: and writes the same" cmp talk.wav.md before.md
ok "minutes: to the standard output" sh -c "'$top/$B/minutes/minutes' --piece 3 --journal talk.wav.md.journal -o - talk.wav 2>/dev/null | cmp - before.md"
reset
ok "minutes: killed at nine moments" hammered hammered.journal minutes --piece 3 --at-once 1 --journal hammered.journal -o hammered.md talk.wav
ok "minutes: the same minutes" cmp hammered.md before.md
reset
ok "minutes: in another language all is asked anew" ends 0 'for [0-9]+ calls' minutes --piece 3 --language en talk.wav
ok "minutes: every piece, and the minutes only if they differ" is "$(requests)" "$pieces"
reset
ok "minutes: another type of file is sent whole" ends 0 'sent whole' minutes talk.mp3
ok "minutes: as it is" sh -c "curl -fs '$base/last/1' | grep -q 'ID3 this is another type of file'"
ok "minutes: compressed sound is sent whole" ends 0 'sent whole' minutes adpcm.wav
ok "minutes: as it is, too" sh -c "curl -fs '$base/last/1' | grep -q 'compressed sound, indeed'"
reset
ok "minutes: pieces of the same sound" ends 0 'sounds as an earlier one does' minutes --piece 2 tones.wav
ok "minutes: are asked for once" is "$(requests) $(lines tones.wav.md.journal) $(grep -c '^\[0:00' tones.wav.md)" "$(cksum cuts24/*.wav | cut -d' ' -f1 | sort -u | wc -l | awk '{ print $1 + 1, $1 + 1 }') $(find cuts24 -name '*.wav' | wc -l)"
ok "minutes: silence is not sent" ends 1 'nothing is said in it' minutes --threshold -1 float.wav
ok "minutes: a file that is not there" ends 2 'nothing\.wav: No such file' minutes nothing.wav
ok "minutes: an empty file" ends 2 'empty\.wav: is empty' minutes empty.wav
ok "minutes: a file that is cut off" ends 2 'cut\.wav: its format is cut off' minutes cut.wav
ok "minutes: no channels" ends 2 'strange\.wav: its channels or its rate make no sense' minutes strange.wav
ok "minutes: a folder" ends 2 'cuts: is no file' minutes cuts
ok "minutes: a name that the config has not" ends 2 'eers: ' minutes --audio eers --journal x.journal talk.wav
reset
ok "minutes: a wrong name of the writer is told before anything is paid for" ends 2 'writter: ' minutes --writer writter --journal x.journal talk.wav
ok "minutes: nothing was asked" is "$(requests)" 0
ok "minutes: no room in the budget" ends 2 'budget' minutes --budget 0.00000001 --journal x.journal talk.wav
APPS_SERVER="$base/x-status-400" ok "minutes: a provider that refuses" ends 1 'run it again for the rest' minutes --journal x.journal talk.wav
export APPS_SERVER="$quick"
refuses minutes talk.wav

# Two at once: the second one is told.
APPS_SERVER=$slow "$top/$B/minutes/minutes" --piece 3 --at-once 1 --journal y.journal talk.wav >/dev/null 2>&1 &
pid=$!
for _ in $(seq 600); do [ "$(lines y.journal)" -ge 1 ] && break; sleep 0.05; done
ok "minutes: one run at a time has a journal" ends 1 'another run has this journal' minutes --piece 3 --journal y.journal talk.wav
kill -9 $pid 2>/dev/null
wait $pid 2>/dev/null

# ---- ask-docs ----

cp "$top/examples/ask-docs/ask-docs.yaml" .
mkdir -p docs/guide docs/.hidden
python3 - <<'PY'
for name, count in (("docs/guide/ferry.md", 6), ("docs/inn.txt", 4), ("docs/main.c", 3)):
    with open(name, "w") as f:
        for i in range(count): f.write("Paragraph %d of %s: " % (i, name) + " ".join("word%d" % (i * 31 + k) for k in range(30)) + ".\n\n")
open("docs/long.md", "w").write("# One line\n\n" + "æøå " * 400 + "\n")
open("docs/.hidden/secret.md", "w").write("not to be read\n")
open("docs/latin.txt", "wb").write(b"caf\xe9\n")
open("docs/picture.png", "wb").write(b"\x89PNG\0")
PY
index() { "$top/$B/ask-docs/ask-docs" "$@"; }
small='--chunk 400 --overlap 0 --batch 3 --at-once 1'
# shellcheck disable=SC2086
ok "ask-docs: killed when two batches are done" killed docs.index.journal 6 ask-docs $small index docs
all=$(sed -n 's/.* \([0-9]*\) to embed$/\1/p' told)
ok "ask-docs: no index yet" test ! -e docs.index
reset
# shellcheck disable=SC2086
ok "ask-docs: run again" ends 0 '4 files \(0 unchanged\)' ask-docs $small index docs
todo=$(sed -n 's/.* \([0-9]*\) to embed$/\1/p' told)
ok "ask-docs: only the rest is embedded" is "$todo" $((all - kept))
ok "ask-docs: in as many requests as it takes" is "$(requests)" $(((todo + 2) / 3))
ok "ask-docs: what was reused is told" grep -qE "^cost: .*; reused: $kept that had cost [$]0\.000[0-9]+\$" told
ok "ask-docs: the journal is gone, as the index has it all" test ! -e docs.index.journal
ok "ask-docs: what is no text is said" grep -q 'latin.txt: is no text in UTF-8, left out' told
told_by_python() { # the whole file, read by the description in store.h
    python3 - <<'PY'
import hashlib, math, struct
d = open("docs.index", "rb").read()
magic, version, order, dims, files, chunks, most, overlap, zero, size, names_at, names_len, vectors_at, root_len, setting_len, check = struct.unpack_from("=8s8I4Q2I64s", d)
assert (magic, version, order, dims, files, most, overlap) == (b"LLMFDOCS", 1, 0x01020304, 8, 4, 400, 0), (magic, version, dims, files, most, overlap)
head = 8 + 8 * 4 + 4 * 8 + 8
assert hashlib.sha256(d[:head] + bytes(64) + d[head + 64:vectors_at]).hexdigest().encode() == check
names = d[names_at:names_at + names_len]
setting = names[root_len:root_len + setting_len]
rows = [struct.unpack_from("=64sQII", d, head + 64 + i * 80) for i in range(files)]
paths = [names[at:at + n].decode() for _, at, n, _ in rows]
assert paths == ["guide/ferry.md", "inn.txt", "long.md", "main.c"], paths
texts = [open("docs/" + p, "rb").read() for p in paths]
for row, text in zip(rows, texts): assert hashlib.sha256(text).hexdigest().encode() == row[0]
covered = [0] * files
for i in range(chunks):
    key, at, n, f, first, last = struct.unpack_from("=64sQIIII", d, head + 64 + files * 80 + i * 88)
    text = texts[f][at:at + n]
    assert 0 < n <= 400 and text.strip() == text and text.decode()
    assert hashlib.sha256(b"ask-docs: document 1\0" + setting + b"\0" + text).hexdigest().encode() == key
    assert first == 1 + texts[f][:at].count(b"\n") and last == first + text.count(b"\n"), (paths[f], first, last)
    assert not texts[f][covered[f]:at].strip(), (paths[f], covered[f], at) # without overlap nothing is twice, and nothing is lost
    covered[f] = at + n
    v = struct.unpack_from("=8f", d, vectors_at + i * 32)
    assert abs(math.fsum(x * x for x in v) - 1) < 1e-5
for f in range(files): assert not texts[f][covered[f]:].strip()
assert size == len(d) == vectors_at + chunks * 32 and vectors_at % 64 == 0
PY
}
ok "ask-docs: the index is what its description says; no byte of the texts is lost" told_by_python
cp docs.index first.index
reset
# shellcheck disable=SC2086
ok "ask-docs: again, unchanged" ends 0 '4 files \(4 unchanged\).* 0 to embed' ask-docs $small index docs
ok "ask-docs: nothing is asked" is "$(requests)" 0
ok "ask-docs: the index is the same, byte for byte" cmp docs.index first.index
sed -i 's/Paragraph 2 of/Paragraph two of/' docs/guide/ferry.md
# shellcheck disable=SC2086
ok "ask-docs: one paragraph is changed" ends 0 '4 files \(3 unchanged\).* 1 to embed' ask-docs $small index docs
ok "ask-docs: one request with that text" sh -c "curl -fs '$base/last' | grep -q 'Paragraph two of' && [ \"$(requests)\" -eq 1 ]"
mv docs/inn.txt docs/tavern.txt
# shellcheck disable=SC2086
ok "ask-docs: a file that has another name is not embedded again" ends 0 ' 0 to embed' ask-docs $small index docs
reset
paragraph=$(sed -n 5p docs/guide/ferry.md)
ok "ask-docs: search finds the paragraph" sh -c "'$top/$B/ask-docs/ask-docs' --top 2 search \"\$1\" 2>/dev/null | head -n 1 | grep -qx '\[1\] guide/ferry.md:5  (1.000)'" - "$paragraph"
ok "ask-docs: an answer, and the file and line behind it" sh -c "'$top/$B/ask-docs/ask-docs' ask \"echo: \$1 [1]\" >said 2>told && grep -q '^echo: Paragraph two .*\[1\]$' said && grep -qE '^\[1\] [a-z/.]+:[0-9]+$' said" - "$paragraph"
ok "ask-docs: the passages were sent with their places" sh -c "curl -fs '$base/last' | grep -qE '\[1\] [a-z/.]+:[0-9]+\\\\\\\\n'"
reset
cp said first.said
ok "ask-docs: the same question costs once" ends 0 'cost: \$0\.000000 for 0 calls; reused: 2 that had cost \$0\.000' ask-docs ask "echo: $paragraph [1]"
ok "ask-docs: nothing was asked" is "$(requests)" 0
ok "ask-docs: the same answer" cmp said first.said
ok "ask-docs: several citations" sh -c "'$top/$B/ask-docs/ask-docs' ask 'echo: so [1, 3][2]' 2>/dev/null | grep -cE '^\[[123]\] .*:[0-9]+$' | grep -qx 3"
ok "ask-docs: a citation of what does not exist" ends 3 'cost' ask-docs ask 'echo: it leaves at nine [1][77]'
ok "ask-docs: it is said" grep -qE '^WARNING: the answer cites a passage that does not exist: \[77\]\. There were 6\.$' said
ok "ask-docs: zero is none either" ends 3 'cost' ask-docs ask 'echo: it leaves at nine [0]'
ok "ask-docs: an answer that cites nothing" ends 3 'cost' ask-docs ask 'echo: it leaves at nine'
ok "ask-docs: that is said, too" grep -q '^WARNING: the answer cites nothing' said
ok "ask-docs: text in brackets is no citation" ends 3 'cost' ask-docs ask 'echo: see [here] and [] and [x1]'
echo 'and more' >>docs/guide/ferry.md
ok "ask-docs: a file that has changed since is left out" ends 0 'guide/ferry.md: has changed since it was indexed, left out' ask-docs --top 20 ask 'echo: so [1]'
ok "ask-docs: and is not shown to the model" sh -c "! curl -fs '$base/last' | grep -q 'Paragraph two of'"
rm -r docs/guide
# shellcheck disable=SC2086
ok "ask-docs: a folder that is gone" ends 0 '3 files \(3 unchanged\).* 0 to embed' ask-docs $small index docs
damaged() { # OFFSET: one byte is another one
    python3 -c "
d = bytearray(open('docs.index', 'rb').read()); d[$1] ^= 1; open('bad.index', 'wb').write(d)"
}
damaged 0
ok "ask-docs: a file that is no index" ends 2 'bad\.index: is no index of ask-docs' ask-docs -i bad.index ask q
damaged 8
ok "ask-docs: an index of another version" ends 2 'another version' ask-docs -i bad.index ask q
for at in 20 30 50 60 200 300; do
    damaged $at
    ok "ask-docs: a byte of the index is changed at $at" ends 2 'bad\.index: is (cut off or )?damaged' ask-docs -i bad.index ask q
done
head -c 700 docs.index >bad.index
ok "ask-docs: an index that is cut" ends 2 'bad\.index: is cut off or damaged' ask-docs -i bad.index ask q
ok "ask-docs: no index" ends 2 'none\.index: there is no index: make it by ask-docs index DIR' ask-docs -i none.index ask q
sed 's/text-embedding-3-small/text-embedding-3-large/' ask-docs.yaml >large.yaml
ok "ask-docs: another model of embeddings" ends 2 'was made with openai text-embedding-3-small, and the config has openai text-embedding-3-large: index again' ask-docs -c large.yaml ask q
# shellcheck disable=SC2086
ok "ask-docs: indexed again with that" ends 0 'everything is embedded anew' ask-docs -c large.yaml $small index docs
ok "ask-docs: no such folder" ends 2 'nowhere: No such file' ask-docs index nowhere
mkdir void
ok "ask-docs: an empty folder" ends 2 'void: no texts' ask-docs index void
ok "ask-docs: an empty question" ends 2 'an empty question' ask-docs ask ''
ok "ask-docs: an unknown command" ends 2 'usage: ask-docs' ask-docs explain q
APPS_SERVER="$base/x-status-400" ok "ask-docs: a provider that refuses" ends 1 'not whole yet: run it again' ask-docs -i new.index index docs
export APPS_SERVER="$quick"
refuses ask-docs index docs

# ---- compare ----

cp "$top/examples/compare/compare.yaml" "$top/examples/compare/prompts.jsonl" .
ok "compare: killed when four answers are there" killed compare.journal 4 compare --at-once 2 prompts.jsonl small large other
reset
ok "compare: run again" ends 0 "; reused: $kept that had cost" compare --at-once 2 prompts.jsonl small large other
ok "compare: asks for the rest alone" is "$(requests)" $((15 - kept))
ok "compare: every answer and mark stands there once" is "$(cut -c1-74 compare.journal | sort -u | wc -l) $(lines compare.journal)" '15 15'
ok "compare: a row for each model" is "$(grep -cE '^\| (small|large|other) \| [0-9]+\.[0-9]{2} \| [0-9]+ \| [0-9]+ \| [1-9][0-9]* \| [1-9][0-9]* \| \$0\.00[0-9]+ \| 0 \|$' compare.md)" 3
ok "compare: the marks of each prompt" grep -qE '^\| What is 17 times 23\? The number alone\. \| [0-9]+\.[05] \| [0-9]+\.[05] \| [0-9]+\.[05] \|$' compare.md
checked() {
    python3 - <<'PY'
import json, re, xml.etree.ElementTree as E
tree = E.parse("compare.svg").getroot()
assert tree.tag == "{http://www.w3.org/2000/svg}svg"
texts = [e.text for e in tree.iter("{http://www.w3.org/2000/svg}text")]
assert texts.count("small") == texts.count("large") == texts.count("other") == 3, texts
sums = {}
for line in open("compare.journal"):
    line = json.loads(line)
    for name, mark in line.get("marks", {}).items():
        assert 1 <= mark["score"] <= 10 and mark["reason"]
        sums.setdefault("all", []).append(mark["score"])
assert len(sums["all"]) == 18, sums
rows = re.findall(r"^\| (?:small|large|other) \| ([0-9.]+) ", open("compare.md").read(), re.M)
assert abs(sum(map(float, rows)) / 3 - sum(sums["all"]) / 18) < 0.01, (rows, sums)
for row in rows: assert row in texts, (row, texts)
PY
}
ok "compare: the chart is XML, and its marks are the means of the journal" checked
neutral() { # what the judge was asked last for one prompt: the same answers in both orders
    python3 - "$base" <<'PY'
import json, sys, urllib.request
seen = {}
for k in range(6):
    r = json.loads(json.load(urllib.request.urlopen(sys.argv[1] + "/last/%d" % k))["body"])
    assert r["model"] == "claude-sonnet-5", r["model"]
    text = r["messages"][0]["content"]
    text = text if isinstance(text, str) else text[0]["text"]
    for name in ("gpt-4o-mini", "gpt-4.1", "haiku", "small", "large"): assert name not in text, text
    head, *answers = __import__("re").split(r"\n\nAnswer [A-C]:\n", text)
    seen.setdefault(head, []).append(answers)
assert len(seen) == 3, seen.keys()
for one, two in seen.values(): assert len(one) == 3 and one == two[::-1] and one != two, (one, two)
assert sum("The reference:\n391" in head for head in seen) == 1
PY
}
ok "compare: the judge sees no names, and both orders" neutral
cp compare.md before.md
reset
ok "compare: once more costs nothing" ends 0 'cost: \$0\.000000 for 0 calls; reused: 15' compare prompts.jsonl small large other
ok "compare: and writes the same" cmp compare.md before.md
ok "compare: one more model asks it alone, and for new marks" sh -c "sed 's/claude-haiku-4-5/claude-opus-4-5/; s/  other:/  fourth:/' compare.yaml | sed -n '/fourth/,/base_url/p' >>compare.yaml && '$top/$B/compare/compare' prompts.jsonl small large other fourth 2>told >said"
ok "compare: three answers, six marks" is "$(requests)" 9
printf 'one\n\n  two \none\n' >plain.txt
reset
ok "compare: a text file, a prompt twice, no judge" ends 0 'plain\.txt:4: the same prompt as in line 1, left out' compare --no-judge -o - plain.txt small
ok "compare: two prompts" is "$(requests)" 2
ok "compare: no marks" grep -qE '^\| small \| - \|' said
sed 's|base_url: "\(.*\)/v1"|base_url: "\1/v1"|; /  large:/,/base_url/s|base_url:.*|base_url: "${APPS_SERVER}/x-status-400/v1"|' "$top/examples/compare/compare.yaml" >bad-large.yaml
ok "compare: a model that refuses: the others go on" ends 1 'large has failed 3 times, and is not asked any more' compare -c bad-large.yaml --journal z.journal prompts.jsonl small large
ok "compare: its row says so" grep -qE '^\| large \| - \| - \| - \| 0 \| 0 \| \$0\.000000 \| 3 \|$' compare.md
ok "compare: the other one has its marks" grep -qE '^\| small \| [0-9]+\.[0-9]{2} \| .* \| 0 \|$' compare.md
printf '{"prompt": "a"}\n{"prompt": b}\n' >broken.jsonl
ok "compare: a broken line, with its place" ends 2 'broken\.jsonl:2:12: is no JSON' compare broken.jsonl small
printf '{"prompt": "a"}\n{"promt": "b"}\n' >broken.jsonl
ok "compare: an unknown member" ends 2 'broken\.jsonl:2: "promt" is not known here' compare broken.jsonl small
printf '{"reference": "a"}\n' >broken.jsonl
ok "compare: no prompt in a line" ends 2 'broken\.jsonl:1: "prompt" is missing' compare broken.jsonl small
ok "compare: no prompts at all" ends 2 'empty\.wav: there is no prompt in it' compare empty.wav small
ok "compare: an unknown model" ends 2 'smal: ' compare prompts.jsonl smal
ok "compare: a model twice" ends 2 'small stands there twice' compare prompts.jsonl small small
refuses compare prompts.jsonl small

# ---- synth ----

cp "$top/examples/synth/synth.yaml" "$top/examples/synth/tickets.json" .
ok "synth: killed when three answers are there" killed rows.jsonl.journal 3 synth --rows 40 --each 3 --balance label --at-once 2 tickets.json small other
ok "synth: no rows yet" test ! -e rows.jsonl
reset
ok "synth: run again" ends 0 "; reused: $kept that had cost" synth --rows 40 --each 3 --balance label --at-once 2 tickets.json small other
ok "synth: asks for the rest alone" is "$(requests)" $(($(lines rows.jsonl.journal) - kept))
ok "synth: every answer stands there once" is "$(cut -c1-74 rows.jsonl.journal | sort -u | wc -l)" "$(lines rows.jsonl.journal)"
ok "synth: ten rows of each label" is "$(grep -o '"label":"[a-z]*"' rows.jsonl | sort | uniq -c | tr -s ' \n' ' ')" ' 10 "label":"delay" 10 "label":"luggage" 10 "label":"praise" 10 "label":"refund" '
ok "synth: the labels in the report" grep -qx '"delay": 10 of 10, "refund": 10 of 10, "luggage": 10 of 10, "praise": 10 of 10' said
adds_up() { # each row that came is kept, or it is said why not; what is kept is what stands in the file
    awk -F' *[|] *' '/^\| (small|other) / { if ($4 != $6 + $7 + $8 + $9 + $10 || $5) exit 1; kept += $10; n++ } END { exit !(n == 2 && kept == 40) }' said
}
ok "synth: yields add up" adds_up
ok "synth: the cost of each model" is "$(grep -cE '^\| (small|other) .* [|] [0-9]+ % [|] [$]0\.00[0-9]+ [|] [$]0\.00[0-9]+ [|]$' said)" 2
cp rows.jsonl before.jsonl
ok "synth: in one go, with other company, the rows are the same" ends 0 'cost' synth --rows 40 --each 3 --balance label --at-once 9 --journal other.journal -o again.jsonl tickets.json small other
ok "synth: byte for byte" cmp again.jsonl before.jsonl
ok "synth: killed at nine moments" hammered hammered.journal2 synth --rows 40 --each 3 --balance label --at-once 2 --journal hammered.journal2 -o hammered.jsonl tickets.json small other
ok "synth: the same rows" cmp hammered.jsonl before.jsonl
reset
ok "synth: as CSV, from the journal" ends 0 'cost: [$]0\.000000 for 0 calls' synth --rows 40 --each 3 --balance label --journal rows.jsonl.journal -o rows.csv tickets.json small other
ok "synth: nothing was asked" is "$(requests)" 0
same_rows() {
    python3 -c "
import csv, json
a = [json.loads(l) for l in open('rows.jsonl')]
b = list(csv.DictReader(open('rows.csv', newline='')))
assert [{k: str(v) for k, v in r.items()} for r in a] == b, b[:2]
assert all(r['label'] in ('delay', 'refund', 'luggage', 'praise') and r['urgency'] in range(1, 6) for r in a)"
}
ok "synth: the same rows in both" same_rows
printf '{"type":"object","properties":{"say, \\"it\\"":{"enum":["a \\"b\\", c\\nd"]},"n":{"type":"integer","minimum":1,"maximum":3}},"required":["say, \\"it\\"","n"]}' >few.json
ok "synth: what there is not, is said" ends 1 '[78] rows are missing: the last round brought nothing new' synth --rows 10 --near 1 -o few.csv few.json small
ok "synth: quotes, commas and lines in CSV" python3 -c "
import csv
rows = list(csv.DictReader(open('few.csv', newline='')))
assert sorted(int(r['n']) for r in rows) in ([1, 2], [1, 3], [2, 3], [1, 2, 3]) and all(r['say, \"it\"'] == 'a \"b\", c\nd' for r in rows), rows"
ok "synth: the same rows are dropped" grep -qE '^\| small \| [0-9]+ \| [0-9]+ \| 0 \| 0 \| [1-9][0-9]* \| 0 \| 0 \| [23] ' said
printf '{"type":"object","properties":{"text":{"enum":["The ferry that leaves from the old harbour at nine was late again today, and nobody who stood there in the rain told us why that was so"]},"n":{"type":"integer","minimum":1,"maximum":9000}},"required":["text","n"]}' >near.json
ok "synth: nearly the same" ends 1 '19 rows are missing' synth --rows 20 -o near.jsonl near.json small
ok "synth: is dropped, too" grep -qE '^\| small \| [0-9]+ \| [0-9]+ \| 0 \| 0 \| [0-9]+ \| [1-9][0-9]* \| 0 \| 1 ' said
ok "synth: but not where that is not wanted" ends 0 'cost' synth --rows 20 --near 1 -o near1.jsonl near.json small
echo '{"type":"array"}' >array.json
ok "synth: a schema of no row" ends 2 'array\.json: a row must be an object' synth array.json small
printf '{\n"type": object}' >broken.json
ok "synth: a schema that is no JSON, with its place" ends 2 'broken\.json:2:9: is no JSON' synth broken.json small
printf '{"type":"object","properties":{"n":{"type":"integer","multipleOf":10000}},"required":["n"]}' >tens.json
ok "synth: rows that the schema does not let through" ends 1 'rows are missing' synth --rounds 1 --rows 5 -o tens.jsonl tens.json small
ok "synth: are counted" grep -qE '^\| small \| [0-9]+ \| [0-9]+ \| 0 \| [1-9][0-9]* ' said
printf '{"type":"object","properties":{"n":{"type":"integer"}},"unevaluatedProperties":false}' >unknown.json
ok "synth: a schema that nobody could check" ends 2 'unknown\.json: .*unevaluatedProperties' synth unknown.json small
ok "synth: balance of what is not there" ends 2 'tickets\.json: has no property lable to balance' synth --balance lable tickets.json small
ok "synth: balance of what has no enum" ends 2 'text has no enum' synth --balance text tickets.json small
ok "synth: another format" ends 2 'csv or jsonl is wanted' synth --format xml tickets.json small
ok "synth: a model twice" ends 2 'small and small are the same model' synth tickets.json small small
APPS_SERVER="$base/x-status-400" ok "synth: a provider that refuses" ends 1 'calls failed: run it again' synth -o none.jsonl tickets.json small
APPS_SERVER="$base" ok "synth: an answer that is no JSON is paid for once" ends 1 'rows are missing' synth --rounds 1 --rows 5 -o cut.jsonl --about 'echo: [[n:1]] [[refusal]]' tickets.json small
reset
APPS_SERVER="$base" ok "synth: it is not asked for again" ends 1 'for 0 calls; reused: 1' synth --rounds 1 --rows 5 -o cut.jsonl --about 'echo: [[n:1]] [[refusal]]' tickets.json small
ok "synth: it is counted" grep -qE '^\| small \| 1 \| 0 \| 1 ' said
export APPS_SERVER="$quick"
refuses synth tickets.json small

total
