#!/bin/sh
# batch.sh - 10,000 prompts, 500 at a time from one thread, one in a hundred refused: llmf_start_batch beside the official OpenAI SDK for JavaScript doing the same in the
# same run against the same server. Prints a line a client and the ratios; the last line is the sum of its checks.
#   N=10000 AT_ONCE=500     ROUNDS=3   taken in turn; figures are medians
# The SDK comes from the npm registry, in the version of package-lock.json; without node or a registry that part is skipped.
set -u
export LC_ALL=C
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
B=build/bench
CC=${CC:-cc}
n=${N:-10000} at_once=${AT_ONCE:-500} rounds=${ROUNDS:-3}
mkdir -p $B/npm
ulimit -n "$(ulimit -Hn)" 2>/dev/null
ok "loadserver.c compiles" $CC -std=c99 -O2 -o $B/loadserver-plain tests/bench/loadserver.c
ok "batch.c compiles" $CC -std=c99 -O2 -DLLMF_NO_CURL=1 -I"${INCLUDE:-.}" -o $B/batch tests/bench/batch.c -ldl
mkfifo "$t/ready"
$B/loadserver-plain -p 0 -l 900 >"$t/ready" 2>/dev/null &
server_pid=$!
read -r _ port _ <"$t/ready"
base=http://127.0.0.1:$port

field() { sed -n "s/.*\"$1\":\([-0-9.]*\).*/\1/p" "$2"; }
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
told() { [ "$(field told "$1")" = "$2" ] && [ "$(field failed "$1")" = $(($2 / 100)) ] && [ "$(field wrong "$1")" = 0 ]; }

# ---- memory ----

ok "1,000 prompts" sh -c "$B/batch $base 1000 $at_once >'$t/few'"
ok "$n prompts" sh -c "$B/batch $base $n $at_once >'$t/many'"
ok "all told in order, one in a hundred failed" told "$t/many" "$n"
few=$(field high_water "$t/few") many=$(field high_water "$t/many")
echo "high-water mark of the block: $few bytes with 1,000 prompts, $many with $n; RSS $(field rss_kb "$t/few") and $(field rss_kb "$t/many") KB"
# How many results wait for one before them is chance; tests/engine/many.c, without chance, has the same number to the byte.
ok "memory is flat: within a tenth" [ "$many" -le $((few + few / 10)) ]

# ---- beside the SDK ----

command -v node >/dev/null 2>&1 && command -v npm >/dev/null 2>&1 || { skip "the SDK: no node and npm"; total; exit; }
if ! cmp -s tests/bench/package-lock.json $B/npm/installed; then
    cp tests/bench/package.json tests/bench/package-lock.json $B/npm/
    (cd $B/npm && timeout 120 npm ci --silent --no-audit --no-fund) >"$t/npm" 2>&1 && cp tests/bench/package-lock.json $B/npm/installed
fi
[ -f $B/npm/installed ] || { skip "the SDK: npm could not install it"; total; exit; }
for round in $(seq "$rounds"); do
    $B/batch $base "$n" "$at_once" >"$t/c.$round"
    NODE_PATH=$B/npm/node_modules node tests/bench/batch.cjs $base "$n" "$at_once" >"$t/js.$round"
    ok "round $round, llmfactory: all told" told "$t/c.$round" "$n"
    ok "round $round, the SDK: all told" told "$t/js.$round" "$n"
done
ok "both have read the same" [ "$(field characters "$t/c.1")" = "$(field characters "$t/js.1")" ]
of() { for round in $(seq "$rounds"); do field "$2" "$t/$1.$round"; done | median; }
printf '%-12s %10s requests/s %10s us CPU a request %8s KB RSS\n' llmfactory "$(of c per_second)" "$(of c cpu_us)" "$(of c rss_kb)"
printf '%-12s %10s requests/s %10s us CPU a request %8s KB RSS\n' "openai $(sed -n 's/.*"openai": "\(.*\)".*/\1/p' tests/bench/package.json)" "$(of js per_second)" "$(of js cpu_us)" "$(of js rss_kb)"
awk "BEGIN { printf \"ratio: %.1f times the requests a second, %.1f times less CPU, %.1f times less memory\n\", $(of c per_second) / $(of js per_second), $(of js cpu_us) / $(of c cpu_us), $(of js rss_kb) / $(of c rss_kb) }"
ok "no slower than the SDK" awk "BEGIN { exit !($(of c per_second) >= $(of js per_second)) }"
total
