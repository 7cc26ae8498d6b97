#!/bin/sh
# The header with implementation through each compiler, standard and word size at hand.
. tests/lib.sh
printf '#define LLMFACTORY_IMPLEMENTATION\n#include "llmfactory.h"\nint main(void) { return llmf_result_name(0) == 0; }\n' >"$t/a.c"
cp "$t/a.c" "$t/a.cc"
has() { command -v "$1" >/dev/null 2>&1; }
for cc in gcc clang; do
    has $cc || { skip $cc; continue; }
    for std in c99 gnu99 c11 c17 c2x; do
        silent "$cc $std" $cc -std=$std -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wundef -Werror -I. -c -o "$t/a.o" "$t/a.c"
        silent "$cc $std -O3" $cc -std=$std -O3 -Wall -Wextra -Werror -I. -c -o "$t/a.o" "$t/a.c"
    done
    silent "$cc -funsigned-char" $cc -std=c99 -funsigned-char -Wall -Wextra -Werror -I. -c -o "$t/a.o" "$t/a.c"
    if $cc -m32 -o "$t/32" -x c - </dev/null 2>/dev/null || echo 'int main(void){return 0;}' | $cc -m32 -o "$t/32" -x c - 2>/dev/null; then
        silent "$cc -m32" $cc -m32 -idirafter /usr/include/x86_64-linux-gnu -std=c99 -Wall -Wextra -Wconversion -Werror -DLLMF_NO_CURL=1 -I. -c -o "$t/a.o" "$t/a.c"
    else
        skip "$cc -m32"
    fi
done
for cxx in g++ clang++; do
    has $cxx || { skip $cxx; continue; }
    for std in c++11 c++14 c++17 c++20; do silent "$cxx $std" $cxx -std=$std -Wall -Wextra -Werror -I. -c -o "$t/a.o" "$t/a.cc"; done
done
if has tcc; then ok "tcc" tcc -DLLMF_NO_CURL=1 -I. -c -o "$t/a.o" "$t/a.c"; else skip tcc; fi
total
