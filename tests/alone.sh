#!/bin/sh
# Every provider of models.def left out alone, and every provider alone: builds strictly, and a small program works (tests/alone.c).
# `alone.sh ID…`: those only.
. tests/lib.sh
STRICT='-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wundef -Wstrict-prototypes -Werror'
printf '#define LLMFACTORY_IMPLEMENTATION\n#include "llmfactory.h"\nint main(void) { return 0; }\n' >"$t/impl.c"
impl=$t/impl.c

# one ID NAME DIALECT EMBEDS
one() {
    alone="-DLLMF_ONLY=1 -DLLMF_WITH_$1=1 -DLLMF_WITH_SOCKET=1 -DLLMF_WITH_REPLAY=1 -DLLMF_WITH_EMBED=1 -DLLMF_WITH_LIST=1 -DLLMF_WITH_STRINGS=1"
    # shellcheck disable=SC2086
    {
        silent "$1 alone, gcc" gcc -std=c99 $STRICT $quick $alone -I. -fsyntax-only "$impl"
        silent "$1 alone, clang" clang -std=gnu99 $STRICT $alone -I. -o "$t/$1" tests/alone.c
        ok "$1 alone works" "$t/$1" "$2" "$1" "$3" "$4"
        silent "without $1, clang" clang -std=gnu99 $STRICT -DLLMF_NO_$1=1 -I. -o "$t/no$1" tests/alone.c -lcurl
        ok "without $1 works" "$t/no$1" "-$2" "$1" "$3" "$4"
    }
}

# "ID NAME DIALECT EMBEDS" of each row; the columns are those of models.def's legend. NAME is quoted there, and what is between quotes has no comma.
awk -F'[(,)]' '/^LLMF_PROVIDER\(/ { gsub(/[" ]/, ""); print $2, $3, $5, ($13 > 0) }' models.def >"$t/rows"
for wanted in "$@"; do grep "^$wanted " "$t/rows" >>"$t/wanted"; done
[ $# -eq 0 ] || mv "$t/wanted" "$t/rows"

# Two at a time, each with a folder and counts of its own.
half() { # 0 or 1: every second row
    half=$1 rows=$t/rows
    t=$t/half$half passed=0 failed=0
    mkdir "$t"
    awk -v half="$half" 'NR % 2 == half' "$rows" >"$t/mine"
    while read -r id name dialect embeds; do one "$id" "$name" "$dialect" "$embeds"; done <"$t/mine"
    echo "$passed $failed" >"$t/counts"
}
(trap - EXIT; half 1) >"$t/said" 2>&1 &
other=$!
(trap - EXIT; half 0)
wait $other
cat "$t/said"
passed=$(cat "$t"/half?/counts | awk '{ n += $1 } END { print n }') failed=$(cat "$t"/half?/counts | awk '{ n += $2 } END { print n }')
total
