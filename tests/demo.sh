#!/bin/sh
# Streamed answers from every family of providers, chosen by name from one config file, with tokens, cost and the reason it stopped: on a loopback server, without a key.
set -eu
server=${LLMF_DEMO_SERVER:-build/loopback-plain}
mkdir -p build
rm -f build/demo.fifo
mkfifo build/demo.fifo
$server --port 0 --max-seconds 120 >build/demo.fifo &
pid=$!
trap 'kill $pid 2>/dev/null || true; rm -f build/demo.fifo' EXIT
read -r word port <build/demo.fifo
[ "$word" = ready ] || { echo "the loopback server did not start" >&2; exit 1; }
# A key, and the pair of AWS keys from Amazon's own examples, that the server knows: the request to Bedrock is signed, and its signature is checked.
export DEMO_SERVER="http://127.0.0.1:$port/d20000" DEMO_KEY=demo-key-of-the-loopback-server
export AWS_ACCESS_KEY_ID=AKIDEXAMPLE AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY
echo "One program (examples/families.c), one config file (examples/demo.yaml), every family of providers:"
echo
build/examples/families examples/demo.yaml chat fast responses smart gemini azure bedrock local cohere router mistral groq embed vectors transcribe ears
