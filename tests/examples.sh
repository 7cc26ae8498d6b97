#!/bin/sh
# Each example is compiled, and run against the loopback server.
. tests/lib.sh
start_server
[ "$word" = ready ] || { echo "FAILED: the loopback server did not start"; exit 1; }
mkdir -p build/examples
for src in examples/*.c; do
    name=$(basename "$src" .c)
    ok "$name compiles" gcc -std=c99 -Wall -Wextra -Werror -g -I. -o "build/examples/$name" "$src" -lcurl
    ok "$name compiles with clang" clang -std=c99 -Wall -Wextra -Werror -I. -o "$t/$name" "$src" -lcurl
done
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
total
