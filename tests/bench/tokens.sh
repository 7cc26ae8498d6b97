#!/bin/sh
# Tokens a second, as ratios of CPU time in one run, and memory, beside the npm packages tiktoken (OpenAI's core as WASM) and gpt-tokenizer. They come from the npm registry in
# the versions of package-lock.json; without node, a registry or the rank files beside the project nothing is compared. Each number is the fastest of ROUNDS (default 7).
. tests/lib.sh
CC=${CC:-cc} B=build/bench-tokens rounds=${ROUNDS:-7} ranks=${LLMF_SHARED:-../shared}/corpora/tiktoken
[ -f "$ranks/o200k_base.tiktoken" ] || { skip "no rank files"; total; exit; }
command -v node >/dev/null 2>&1 && command -v npm >/dev/null 2>&1 || { skip "no node and npm"; total; exit; }
mkdir -p $B
if ! cmp -s tests/bench/package-lock.json $B/installed; then
    cp tests/bench/package.json tests/bench/package-lock.json $B/
    (cd $B && timeout 120 npm ci --silent --no-audit --no-fund) >"$t/npm" 2>&1 && cp tests/bench/package-lock.json $B/installed
fi
[ -f $B/installed ] || { skip "npm could not install the packages"; total; exit; }
ok "tokens.c compiles" $CC -std=gnu99 -Wall -Wextra -O2 -I. -o $B/tokens tests/bench/tokens.c
# Prose, code, and twenty languages; each about 300 KB, so that a round is long enough to be timed.
cat README.md CHANGELOG.md docs/*.md | head -c 300000 >$B/prose
cat src/engine/*.h tests/unit/*.c | head -c 300000 >$B/code
for _ in 1 2 3 4 5 6 7 8; do cat tests/data/tokens.txt; done | head -c 300000 | iconv -c -f UTF-8 -t UTF-8 >$B/languages
for encoding in cl100k_base o200k_base; do
    $B/tokens "$ranks/$encoding.tiktoken" "$rounds" $B/prose $B/code $B/languages >"$t/ours"
    for package in tiktoken gpt-tokenizer; do
        NODE_PATH=$B/node_modules node tests/bench/tokens.cjs $package $encoding "$rounds" $B/prose $B/code $B/languages >"$t/theirs" || echo "$package failed"
        paste -d' ' "$t/ours" "$t/theirs" | awk -v e=$encoding -v p=$package '
            $1 == "memory" { printf "%s %s: memory %.1f MB to %.1f MB\n", e, p, $2 / 1024, $4 / 1024; exit !($2 < $4) }
            { name = NR == 1 ? "prose" : NR == 2 ? "code" : "languages"
              printf "%s %s %s: %.1f to %.1f million tokens a second, %.1f times as many; %d tokens, it counts %d\n", e, p, name, $1 / $3, $4 / $6, ($1 / $3) / ($4 / $6), $1, $4
              if ($1 / $3 <= $4 / $6) bad = 1 }
            END { exit bad }' >"$t/told"
        cp "$t/told" "$t/said"
        cat "$t/said"
        ok "$encoding: faster than $package on each text" awk '/times as many/ { for (i = 1; i < NF; i++) if ($(i + 1) == "times") { n++; if ($i + 0 <= 1) exit 1 } } END { exit n != 3 }' "$t/said"
        ok "$encoding: less memory than $package" awk '/memory/ { n++; if ($4 + 0 >= $7 + 0) exit 1 } END { exit n != 1 }' "$t/said"
        [ $package = gpt-tokenizer ] || ok "$encoding: the same counts as $package" awk '/it counts/ { n++; for (i = 1; i < NF; i++) if ($(i + 1) == "tokens," && $i != $NF) exit 1 } END { exit n != 3 }' "$t/said"
    done
done
total
