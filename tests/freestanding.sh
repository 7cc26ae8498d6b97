#!/bin/sh
# LLMF_NO_STDLIB=1 stays what it says: compiled freestanding, with no header but the compiler's own, the header wants memcpy, memmove, memset and memcmp and
# nothing else; what such a build cannot have is refused; and a C library that is there as well does no harm.
. tests/lib.sh
STRICT='-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wundef -Wstrict-prototypes -Werror'
printf '#define LLMF_NO_STDLIB 1\n#define LLMFACTORY_IMPLEMENTATION\n#include "llmfactory.h"\n' >"$t/impl.c"
cp "$t/impl.c" "$t/impl.cc"

# Linked as far as it goes: nothing is left undefined but the four, and the compiler's own helpers.
alone() { # COMPILER FLAGS...
    compiler=$1
    shift
    "$compiler" -nostdlib -r -o "$t/alone.o" "$@" || return 1
    nm -u "$t/alone.o" | awk '{ print $NF }' | grep -vE '^(memcpy|memmove|memset|memcmp|_GLOBAL_OFFSET_TABLE_|__(u?div|u?mod|mul|clz|ctz)[dst]i[234])$' | { ! grep .; }
}
none() { # -nostdinc, and then the compiler's own headers only: stdint, stddef, stdbool, limits, float
    echo "-nostdinc -isystem $("$1" -print-file-name=include)"
}
few='-DLLMF_ONLY=1 -DLLMF_WITH_CUSTOM=1 -DLLMF_WITH_REPLAY=1'
everything() { # COMPILER LEVEL
    # shellcheck disable=SC2046,SC2086
    ok "$1 c99 $2, everything that it may have" alone $1 -std=c99 $STRICT $2 -ffreestanding $(none $1) -I. "$t/impl.c"
}
everything gcc "-O1 $quick"
everything clang -Os
for cc in gcc clang; do
    # shellcheck disable=SC2046,SC2086
    ok "$cc c99 -O3: no loop becomes a call" alone $cc -std=c99 -w -O3 -ffreestanding $(none $cc) $few -DLLMF_WITH_OPENAI=1 -DLLMF_WITH_FAULTS=1 -I. "$t/impl.c"
done
for with in ANTHROPIC 'OPENAI=1 -DLLMF_WITH_ANTHROPIC' 'OPENAI=1 -DLLMF_WITH_STRINGS=1 -DLLMF_WITH_CONFIG' 'OPENAI=1 -DLLMF_WITH_TRANSCRIBE' BEDROCK; do
    # shellcheck disable=SC2046,SC2086
    ok "gcc c99 alone with $with" alone gcc -std=c99 $STRICT $quick -Os -ffreestanding $(none gcc) $few -DLLMF_WITH_$with=1 -I. "$t/impl.c"
done
for cxx in g++ clang++; do
    # shellcheck disable=SC2046,SC2086
    ok "$cxx c++11, everything that it may have" alone $cxx -std=c++11 -Wall -Wextra -Werror $quick -Os -ffreestanding -fno-exceptions -fno-rtti $(none $cxx) -I. "$t/impl.cc"
done

# Beside a C library, before and after it.
printf '#include <string.h>\n#include <stdlib.h>\n%s\n' "$(cat "$t/impl.c")" >"$t/before.c"
printf '%s\n#include <string.h>\n#include <stdlib.h>\n' "$(cat "$t/impl.c")" >"$t/after.c"
for where in before after; do
    cp "$t/$where.c" "$t/$where.cc"
    silent "gcc, string.h $where" gcc -std=c99 $STRICT $quick -I. -fsyntax-only "$t/$where.c"
    silent "clang, string.h $where" clang -std=c99 $STRICT -I. -fsyntax-only "$t/$where.c"
    silent "g++, string.h $where" g++ -std=c++11 -Wall -Wextra -Werror $quick -I. -fsyntax-only "$t/$where.cc"
    silent "clang++, string.h $where" clang++ -std=c++11 -Wall -Wextra -Werror -I. -fsyntax-only "$t/$where.cc"
done

# What it cannot have is refused in words.
refused() { # OPTION
    ! gcc -std=c99 -DLLMF_ONLY=1 -DLLMF_WITH_OPENAI=1 "-DLLMF_WITH_$1=1" -I. -fsyntax-only "$t/impl.c" 2>"$t/err" && grep -q 'error.*LLMF_NO_STDLIB=1' "$t/err"
}
for x in CURL SOCKET EPOLL FILES ENV; do ok "LLMF_WITH_$x=1 beside it is refused" refused $x; done
total
