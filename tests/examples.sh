#!/bin/sh
# Each example is compiled, and run against the loopback server.
. tests/lib.sh
mkdir -p build/examples/teaching
for src in examples/*.c examples/teaching/*.c; do
    name=${src#examples/} name=${name%.c} libs=
    case $name in
        libuv) pkg-config --exists libuv || { skip "libuv: it is not there"; continue; }; libs=-luv ;;
        */5-nearest) libs=-lm ;;
    esac
    ok "$name compiles with clang" clang -std=c99 -Wall -Wextra -Werror -g -I. -o "build/examples/$name" "$src" -lcurl $libs
    silent "$name compiles with gcc" gcc -std=c99 -Wall -Wextra -Werror $quick -I. -fsyntax-only "$src"
done
ok "cpp compiles" g++ -std=c++17 -Wall -Wextra -Werror -g -I. -o build/examples/cpp examples/cpp.cpp -lcurl
silent "cpp compiles with clang" clang++ -std=c++17 -Wall -Wextra -Werror -I. -fsyntax-only examples/cpp.cpp
# Behind the compiling, which may take longer than the server lives.
start_server
[ "$word" = ready ] || { echo "FAILED: the loopback server did not start"; exit 1; }
says() { # PATTERN COMMAND...: its output holds the pattern
    pattern=$1
    shift
    "$@" >"$t/said" 2>&1 </dev/null && grep -qE "$pattern" "$t/said" || { cat "$t/said"; return 1; }
}
export OPENAI_API_KEY=loopback-key ANTHROPIC_API_KEY=loopback-key
export OPENAI_BASE_URL="$base/v1" ANTHROPIC_BASE_URL="$base" OLLAMA_BASE_URL="$base"
ok "hello over openai" says '[a-z]{3}' build/examples/hello openai:gpt-4o-mini
ok "hello over anthropic" says '[a-z]{3}' build/examples/hello anthropic:claude-sonnet-5
ok "hello over ollama" says '[a-z]{3}' build/examples/hello ollama:llama3.2
ok "hello without a key names the variable" sh -c "unset OPENAI_API_KEY; ! build/examples/hello openai:gpt-4o-mini >'$t/said' && grep -q OPENAI_API_KEY '$t/said'"
converse() { printf 'hello\nand again\n' | build/examples/chat openai:gpt-4o-mini >"$t/said" 2>&1 && [ "$(grep -c . "$t/said")" -ge 2 ]; }
ok "chat keeps a conversation" converse
ok "frames runs at 60 Hz" says '[0-9]+ frames, longest' env OPENAI_BASE_URL="$base/d5000/v1" build/examples/frames openai:gpt-4o-mini
ok "transport" says 'Hello from my own transport' build/examples/transport
export DEMO_SERVER="$base" DEMO_KEY=demo-key
ok "names: three providers from one file" says 'smart +anthropic' build/examples/names examples/demo.yaml fast smart local
ok "names: cost is printed" grep -qE '\$0\.[0-9]+' "$t/said"
ok "names: an unknown name is told with the nearest" sh -c "! build/examples/names examples/demo.yaml fsat >'$t/said' 2>&1 && grep -q fast '$t/said'"
export AWS_ACCESS_KEY_ID=AKIDEXAMPLE AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY
ok "families: every family answers, embeds, transcribes" says '^bedrock +bedrock +echo: The ferry leaves at nine\. .*stop$' build/examples/families examples/demo.yaml \
    chat fast responses smart gemini azure bedrock local cohere router mistral groq embed vectors transcribe ears
ok "families: a row each" sh -c "[ \$(grep -c 'ferry leaves' '$t/said') -eq 11 ] && grep -q '^vectors .*numbers' '$t/said' && grep -q '^ears .*heard' '$t/said'"

ok "prompts: filled and asked" says '^5 messages, the last: <text>It left on time &amp; the sea was calm</text>$' build/examples/prompts examples/demo.yaml examples/prompts.yaml 'Bergen "Quay"'
ok "prompts: the first step's JSON" grep -qx 'step 1> {"port": "Bergen .*Quay.*", "times": \["9:00", "17:30"\]}' "$t/said"
ok "prompts: the second step speaks of it" grep -qx 'ferry> echo: To Bergen "Quay" at 17:30' "$t/said"
ok "prompts: the sum" grep -qE '^\(2 requests, \$0\.0000[0-9]+\)$' "$t/said"

ok "tools: one function at once, one some frames later" says '^The tool said: rain in Bergen$' build/examples/tools openai:gpt-4o-mini 'call weather {"city": "Bergen"}; roll; roll'
ok "tools: their results, in order" sh -c "[ \"\$(grep '^\[' '$t/said' | tr '\n' ',')\" = '[weather {\"city\": \"Bergen\"}: rain in Bergen],[roll {}: 3],[roll {}: error: the dice are rolling already],' ]"
ok "tools: the sum" grep -qx '(2 requests, 6 messages)' "$t/said"
ok "tools over anthropic, an argument that is missing" says '\[weather \{\}: error: which city\?\]$' build/examples/tools anthropic:claude-sonnet-5 'call weather {}'
seq 1 200 | sed 's/.*/echo: "line" &/' >"$t/prompts"
answer() { build/examples/batch examples/demo.yaml fast "$t/prompts" "$1" >"$t/said" 2>&1; }
ok "batch: 200 prompts" answer "$t/all.jsonl"
ok "batch: each has its answer" sh -c "[ \"\$(grep -c '^{\"i\": [0-9]*, \"text\": \"echo: ' '$t/all.jsonl')\" = 200 ]"
sed -n '1,79p' "$t/all.jsonl" >"$t/some.jsonl"
printf '{"i": 199, "text": "cut' >>"$t/some.jsonl"
echo >>"$t/some.jsonl"
ok "batch: goes on" answer "$t/some.jsonl"
ok "batch: asks for what is missing only" grep -qx "121 done, 0 of them failed, 79 were there" "$t/said"

printf 'echo: one\n\necho: three\n[[status:400]]\n' >"$t/night"
overnight() { build/examples/overnight examples/demo.yaml "$1" "$t/night" "$t/$1.answers" >"$t/said" 2>&1; }
for model in fast smart gemini mistral responses; do
    ok "overnight, $model: submitted" overnight $model
    ok "overnight, $model: goes on" sh -c "grep -q '^submitted as ' '$t/said' && test -s '$t/$model.answers.batch'"
    ok "overnight, $model: a look" overnight $model
    ok "overnight, $model: a second look" overnight $model
    ok "overnight, $model: it is not done" grep -qE 'of 3 done$' "$t/said"
    ok "overnight, $model: collected" overnight $model
    ok "overnight, $model: each line's answer" sh -c "grep -qx '1: echo: one' '$t/$model.answers' && grep -qx '3: echo: three' '$t/$model.answers' && grep -q '^4: .*ordered' '$t/$model.answers' && [ \$(wc -l <'$t/$model.answers') -eq 3 ]"
    ok "overnight, $model: the cost" grep -qE '^\$0\.0' "$t/said"
done
ok "tokens: about" sh -c "printf 'It left on time and the sea was calm' | build/examples/tokens >'$t/said' && grep -qx 'openai:gpt-4o  *1[0-9] tokens, about' '$t/said' && grep -q 'claude' '$t/said'"
ranks="${LLMF_SHARED:-../shared}/corpora/tiktoken/o200k_base.tiktoken"
if [ -f "$ranks" ]; then
    ok "tokens: exactly" sh -c "head -c 2000 README.md | build/examples/tokens '$ranks' >'$t/said' && grep -q 'openai:gpt-4o .* tokens, exactly' '$t/said' && grep -qE '^[0-9]+ tokens; the first 40: #' '$t/said'"
fi
ok "structured: the provider keeps to the schema" says '^\([0-9]+ pieces; asked again 0 times; as it came\)$' build/examples/structured openai:gpt-4o-mini
ok "structured: asked for in words, mended" says '^Ann is angry, health 0.50; has Oar for 3$' build/examples/structured ollama:llama3.2 "echo: {'name': 'Ann', mood: 'angry', 'health': 0.5, items: [{'name': 'Oar', 'price': 3},],}"
ok "structured: that is told" grep -qE '^\([0-9]+ pieces; asked again 0 times; mended\)$' "$t/said"
ok "structured: asked again, in vain" sh -c "! build/examples/structured ollama:llama3.2 'echo: {}' >'$t/said' 2>&1 && grep -q '^(root): lacks the member name$' '$t/said' && grep -q '^schema: the answer does not keep' '$t/said'"

cat >"$t/long.yaml" <<'Y'
models:
  small: {provider: mock, model_id: x, context_window: 400}
  cheap: {provider: mock, model_id: y, extra: {script: [{text: "They counted."}]}}
Y
tell() { seq "$1" "$2" | sed 's/.*/number & is a number that I want to tell you about at length/' | build/examples/long "$t/long.yaml" small cheap "$t/talk.json" >"$t/said" 2>"$t/err"; }
ok "long: a conversation that outgrows its window" tell 1 20
ok "long: goes on in another run" tell 21 30
ok "long: it was cut, and that was told" grep -qE '^\([0-9]+ messages went, [0-9]+ tokens became [0-9]+\)$' "$t/err"
ok "long: its beginning is summed up" grep -qx '{"role":"system","content":"They counted.","name":"summary"}' "$t/talk.json"
ok "long: the last answer is there" grep -q 'You said: number 30 ' "$t/talk.json"

# ---- in other people's programs, and for teaching ----

e=build/examples m=openai:gpt-4o-mini
ok "cpp: the pieces come to the lambda" says '^\(25 bytes in 5 pieces\)$' $e/cpp $m 'echo: to a lambda, slowly'
ok "cpp: the answer" grep -qx 'echo: to a lambda, slowly' "$t/said"
# Three at once: the others do not wait for the slow one, whose seconds the program's timer counts. The last line has no end, and is one all the same.
several() {
    { printf 'echo: one\n[[f:2200000]] echo: slow\n\necho: three'; sleep 0.1; } | $e/epoll $m >"$t/said" 2>"$t/told" || { cat "$t/told"; return 1; }
    [ "$(tail -n 1 "$t/said")" = 'echo: slow' ] && [ "$(sort "$t/said" | tr '\n' ',')" = 'echo: one,echo: slow,echo: three,' ]
}
ok "epoll: several answers at once" several
ok "epoll: the program's timer goes on" grep -qx '(1 under way)' "$t/told"
ok "epoll: the count" grep -qx '3 answers, 0 failed' "$t/told"
ok "epoll: a file is refused" sh -c "! $e/epoll $m <README.md >'$t/said' 2>&1 && grep -q 'terminal or a pipe' '$t/said'"
if [ -x $e/libuv ]; then
    ok "libuv: the answer" says '^echo: one two three four$' $e/libuv $m '[[d:100000]] echo: one two three four'
    ok "libuv: its own timer went on" grep -qE '^\([1-9][0-9]+ heartbeats meanwhile\)$' "$t/said"
fi
ok "1-answer" says '^echo: a first one$' $e/teaching/1-answer $m 'echo: a first one'
ok "1-answer: tokens" grep -qx '(4 tokens read, 4 written)' "$t/said"
ok "2-stream" says '^echo: piece by piece$' $e/teaching/2-stream $m 'echo: piece by piece'
remembers() {
    printf 'echo: my name is Ada\n\necho: again\n' | $e/teaching/3-conversation $m >"$t/said" 2>&1 && [ "$(tr '\n' ',' <"$t/said")" = 'echo: my name is Ada,echo: again,' ] &&
        curl -fs "$base/last" | grep -q 'user.*my name is Ada.*assistant.*my name is Ada.*user.*again'
}
ok "3-conversation sends what was said before" remembers
for model in $m anthropic:claude-sonnet-5 ollama:llama3.2; do
    ok "4-tool over $model" says '^The tool said: rain, 7 degrees$' $e/teaching/4-tool $model 'call weather {"city": "Bergen"}'
    ok "4-tool over $model: its argument" grep -qx '\[the model asks for the weather in Bergen\]' "$t/said"
done
ok "4-tool: an argument that is missing" says '^The tool said: error: a city is needed$' $e/teaching/4-tool $m 'call weather {}'
ok "4-tool: a plain answer" says '^echo: no tool$' $e/teaching/4-tool $m 'echo: no tool'
ok "5-nearest" says '^nearest: the inn$' $e/teaching/5-nearest openai:text-embedding-3-small 'the inn' 'the ferry' 'the inn' 'the river'
ok "5-nearest: the cosine of a text with itself" grep -qx ' 1.000  the inn' "$t/said"
ok "6-run" says '^The tool said: 44.6$' $e/teaching/6-run $m 'call fahrenheit {"celsius": 7}'
ok "6-run: its arguments" grep -qx '\[the model asks what 7 degrees are in Fahrenheit\]' "$t/said"
ok "6-run: all messages" grep -qx '(4 messages in all)' "$t/said"
ok "6-run: two functions" says '^7 degrees Celsius$|^The tool said: 7 degrees Celsius$' $e/teaching/6-run $m 'call temperature {"city": "Bergen"}; fahrenheit'

# Each against a server that is busy, one that is broken, and none at all: a message that says what it is, and status 1.
fails() { # PATTERN COMMAND...: it ends with 1 and says so on stderr
    pattern=$1
    shift
    { echo 'a question'; sleep 0.1; } | "$@" >"$t/said" 2>"$t/told"
    [ $? -eq 1 ] && grep -qE "$pattern" "$t/told" || { cat "$t/said" "$t/told"; return 1; }
}
fails_each() { # NAME PATTERN
    for example in chat frames epoll "cpp $m q" "libuv $m q" "teaching/1-answer $m q" "teaching/2-stream $m q" teaching/3-conversation teaching/4-tool teaching/6-run \
        "teaching/5-nearest openai:text-embedding-3-small a b"; do
        # shellcheck disable=SC2086
        set -- $example
        [ -x "$e/$1" ] || continue
        [ $# -gt 1 ] || set -- "$1" $m
        program=$1
        shift
        ok "$program: $name" fails "$pattern" "$e/$program" "$@"
    done
}
name='429' pattern='Rate limit reached' OPENAI_BASE_URL="$base/x-status-429/v1"
fails_each
name='500' pattern='HTTP 500' OPENAI_BASE_URL="$base/x-status-500/v1"
fails_each
name='no server' pattern='nothing listens there' OPENAI_BASE_URL=http://127.0.0.1:1/v1
fails_each
total
