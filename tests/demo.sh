#!/bin/sh
# Streamed answers from three dialects, chosen by name from one config file, with tokens and cost: on a loopback server, without a key.
set -eu
server=build/loopback-plain
mkdir -p build
rm -f build/demo.fifo
mkfifo build/demo.fifo
$server --port 0 --max-seconds 120 >build/demo.fifo &
pid=$!
trap 'kill $pid 2>/dev/null || true; rm -f build/demo.fifo' EXIT
read -r word port <build/demo.fifo
[ "$word" = ready ] || { echo "the loopback server did not start" >&2; exit 1; }
export DEMO_SERVER="http://127.0.0.1:$port/d20000" DEMO_KEY=demo-key-of-the-loopback-server
echo "One program (examples/names.c), one config file (examples/demo.yaml), three providers:"
echo
build/examples/names examples/demo.yaml fast smart local
echo
echo "The same through the command llmf:"
for name in fast smart local; do
    printf '%s> ' "$name"
    build/llmf --config examples/demo.yaml chat -m "$name" "Tell a very short story."
done
