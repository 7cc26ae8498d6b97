#!/bin/sh
# What loading 1,000 model files costs: fewer than 1.2 times the instructions that libyaml needs to read and parse the same files, event by event, and then has
# checked nothing. Counted by valgrind's callgrind; skipped where that or libyaml is not there.
. tests/lib.sh
CC=${CC:-cc}
command -v valgrind >/dev/null 2>&1 || { skip "the cost of loading: no valgrind"; total; exit; }
$CC -std=gnu99 -O2 -Wall -Wextra -o "$t/libyaml" tests/config/cost_libyaml.c -lyaml 2>"$t/err" || { skip "the cost of loading: no libyaml (libyaml-dev)"; total; exit; }
# What has nothing to do with it is left out, so that it builds in a few seconds.
without='-DLLMF_NO_RETRY=1 -DLLMF_NO_METRICS=1 -DLLMF_NO_CACHE=1 -DLLMF_NO_FILTERS=1 -DLLMF_NO_SAVE=1 -DLLMF_NO_MEDIA=1 -DLLMF_NO_SOCKET=1 -DLLMF_NO_EMBED=1 -DLLMF_NO_TRANSCRIBE=1'
# shellcheck disable=SC2086
ok "cost.c compiles" $CC -std=gnu99 -O2 -Wall -Wextra -I. -DLLMF_STATIC=1 $without -o "$t/ours" tests/config/cost.c
mkdir "$t/models"
awk -v dir="$t/models" 'BEGIN {
    for (i = 0; i < 1000; i++) {
        f = sprintf("%s/model_%04d.yaml", dir, i)
        printf("# Model %d\nname: Claude Sonnet %d\nprovider: bedrock\nmodel_id: anthropic.claude-3-7-sonnet-20250219-v1:0\nregion_name: us-east-1\n", i, i) >f
        printf("api_key_secret_name: team/llm/key-%d\ninput_token_cost_usd_per_million: 3.0\noutput_token_cost_usd_per_million: 15.0\n", i) >f
        printf("max_tokens: 4096\ntemperature: 0.7\ndescription: \"General purpose model number %d\"\n", i) >f
        close(f)
    }
}'
instructions() { # PROGRAM
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$t/$1" "$t/models" 2>&1 | awk '/Collected/ { print $4 }'
}
ours=$(instructions ours)
theirs=$(instructions libyaml)
ratio=$(awk -v a="${ours:-0}" -v b="${theirs:-0}" 'BEGIN { if (b > 0) printf "%.2f", a / b; else print 99 }')
echo "1,000 model files: $ours instructions, libyaml $theirs: $ratio of it"
"$t/ours" "$t/models" count
ok "below 1.2 times what libyaml needs" awk -v r="$ratio" 'BEGIN { exit !(r > 0 && r < 1.2) }'
ok "all 1,000 are there" sh -c "'$t/ours' '$t/models' count | grep -q '^models 1000,'"
ok "at most 4 KB a model" sh -c "'$t/ours' '$t/models' count | awk '{ exit !(\$(NF - 2) + 0 <= 4096) }'"
total
