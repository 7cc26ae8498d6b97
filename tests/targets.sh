#!/bin/sh
# The header and its tests on each target: built with that target's compiler, run natively, under qemu-user or under wine. `targets.sh NAME...` takes those alone.
# The last line is the sum. UPDATE_README=1 writes the table into the README; a target that is not run this time keeps the row of its last run.
#   cmocka of a foreign target is one file of Debian's source package, which tools/debian-source.sh fetches.
#   Emulated targets do less of the long tests (LLMF_LESS, LLMF_CUTS_EACH), each row says how much.
. tests/lib.sh
T=$PWD/build/targets
mkdir -p "$T"
export LLMF_SHARED="${LLMF_SHARED:-../shared}" WINEPREFIX="$T/wine" WINEDEBUG=-all
strict='-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wundef -Wstrict-prototypes -Werror'
sh tools/deps.sh targets || echo "not all packages of the targets could be installed"
has() { command -v "$1" >/dev/null 2>&1; }
wine=$(command -v wine64 || command -v wine || echo /usr/lib/wine/wine64) # Debian's wine64 without wine has no link in the path
i386_flags='-m32 -idirafter /usr/include/x86_64-linux-gnu'                # of gcc-12-multilib, which bears cross compilers beside it as gcc-multilib does not
large=-D_FILE_OFFSET_BITS=64 # qemu hands on the places of a 64-bit file system in folders, which readdir refuses without
i386_runs() { # not every kernel runs 32-bit programs
    echo 'int main(void){return 0;}' >"$t/m32.c"
    # shellcheck disable=SC2086
    gcc $i386_flags -static -o "$t/m32" "$t/m32.c" 2>/dev/null && "$t/m32" 2>/dev/null
}
i386_by=qemu-i386
i386_runs && i386_by=

# name|target|compiler|flags|run by|LLMF_LESS|LLMF_CUTS_EACH.
targets() {
    cat <<TABLE
gcc|Linux x86-64, -funsigned-char|gcc|-std=c17 -funsigned-char||1|1
clang|Linux x86-64|clang|-std=c2x||1|1
mingw|Windows x86-64 (Winsock)|x86_64-w64-mingw32-gcc|-std=c99 -static -Wno-format -D__USE_MINGW_ANSI_STDIO=1 -DSLOWER=10|$wine|10|10
s390x|Linux s390x (big endian)|s390x-linux-gnu-gcc|-std=c99 -static -DSLOWER=40|qemu-s390x|10|20
m32|Linux i386|gcc|$i386_flags $large -std=c99 -static -DSLOWER=40|$i386_by|10|20
armhf|Linux armhf|arm-linux-gnueabihf-gcc|$large -std=c99 -static -DSLOWER=40|qemu-arm|10|20
aarch64|Linux aarch64|aarch64-linux-gnu-gcc|-std=c11 -static -DSLOWER=40|qemu-aarch64|10|20
musl|Linux x86-64, musl, static|musl-gcc|-std=c99 -static||1|4
tcc|Linux x86-64, tcc (waits by poll)|tcc|-std=c99 -DSLOWER=10||1|4
TABLE
}

# ---- cmocka ----

sh tools/debian-source.sh cmocka build/source/cmocka >"$T/cmocka.txt" 2>&1
cmocka=$(ls -d "$PWD/build/source/cmocka" 2>/dev/null)

# What its configure script would find.
cmocka_flags() {
    case $name in
    mingw) echo '-DHAVE_INTTYPES_H=1 -DHAVE_SIGNAL_H=1 -DHAVE_STRUCT_TIMESPEC=1 -DHAVE__SNPRINTF_S=1 -DHAVE__VSNPRINTF_S=1' ;;
    *) echo '-D_GNU_SOURCE -DHAVE_INTTYPES_H=1 -DHAVE_SIGNAL_H=1 -DHAVE_STRINGS_H=1 -DHAVE_STRUCT_TIMESPEC=1 -DHAVE_CLOCK_REALTIME=1 -DHAVE_SIGLONGJMP=1 -DHAVE_STRSIGNAL=1' ;;
    esac
}

# ---- one target, in a process of its own: what it has to say goes to its folder ----

bad() { # what, log
    f=$((f + 1))
    echo "FAILED: $name: $1"
    head -n 8 "$2" | sed 's/^/    /'
}

# compile NAME SECONDS FILE FLAGS...: builds it, and runs it where that is wanted
try() {
    what=$1 src=$2
    shift 2
    # shellcheck disable=SC2086
    if ! $compiler $flags -I. -I"$cmocka/include" -o "$D/$what$exe" "$src" "$@" $libs >"$D/$what.txt" 2>&1; then
        bad "$what does not build" "$D/$what.txt"
        return 1
    fi
    # shellcheck disable=SC2086
    timeout 200 $runner "$D/$what$exe" $argument >"$D/$what.txt" 2>&1 </dev/null
    status=$?
    read -r p1 f1 s1 <<COUNTS
$(awk -f tests/counts.awk "$D/$what.txt")
COUNTS
    if [ $status -ne 0 ] && [ "$f1" -eq 0 ] || [ $((p1 + f1 + s1)) -eq 0 ]; then f1=1; fi
    p=$((p + p1)) f=$((f + f1)) s=$((s + s1)) ran=$((ran + 1))
    if [ "$f1" -ne 0 ]; then
        echo "FAILED: $name: $what (status $status)"
        grep -aE 'FAILED|ERROR|error:|Error|WRONG' "$D/$what.txt" | head -n 8 | cut -c1-300 | sed 's/^/    /'
    fi
}

# The header alone, at the strictest, prints nothing.
header_is_silent() {
    printf '#define LLMFACTORY_IMPLEMENTATION\n#include "llmfactory.h"\nint main(void) { return llmf_result_name(0) == 0; }\n' >"$D/header.c"
    # shellcheck disable=SC2086
    if $compiler $flags $strict -DLLMF_NO_CURL=1 -I. -c -o "$D/header.o" "$D/header.c" >"$D/header.txt" 2>&1 && [ ! -s "$D/header.txt" ]; then p=$((p + 1)); else bad 'the header' "$D/header.txt"; fi
}

unit_tests() {
    for src in tests/unit/test_*.c; do
        what=${src##*/}
        case $name:$what in # what needs a foreign libcurl or BearSSL, a server of POSIX's or a shell
        *:test_net_curl.c | mingw:test_net_socket.c | mingw:test_der.c | mingw:test_roots.c | musl:test_roots.c) continue ;;
        esac
        try "${what%.c}" "$src" -Wall -Wextra -Werror -DLLMF_NO_CURL=1 "$D/cmocka.o" -lm -lpthread
    done
}

engine_tests() {
    for what in transcripts cuts hostile operations; do
        try $what tests/engine/$what.c -Wall -Wextra -Werror -DLLMF_NO_CURL=1 "$D/cmocka.o" -lm -lpthread
    done
}

# The client against the loopback server; natively in each language that it may be written in.
clients() {
    argument=$base
    try client tests/targets/client.c -Wall -Wextra -Werror
    case $name in gcc) cxx=g++ ;; clang) cxx=clang++ ;; *) cxx= ;; esac
    if [ "$cxx" ]; then
        for std in c99 c11 c2x; do try client-$std tests/targets/client.c -std=$std -Wall -Wextra -Werror; done
        compiler=$cxx flags='-x c++'
        for std in c++11 c++20; do try client-$std tests/targets/client.c -std=$std -Wall -Wextra -Werror; done
    fi
    argument=
}

# What may be reckoned as the compiler likes is reckoned in whole numbers.
fast_math() {
    [ "$name" = gcc ] || return 0
    for what in test_num test_config; do try $what-fast tests/unit/$what.c -O1 -ffast-math -DLLMF_NO_CURL=1 "$D/cmocka.o" -lm; done
    try transcripts-fast tests/engine/transcripts.c -O1 -ffast-math -DLLMF_NO_CURL=1 "$D/cmocka.o" -lm
}

one_target() {
    D=$T/$name p=0 f=0 s=0 ran=0 exe='' libs='' argument='' from=$(date +%s)
    export LLMF_LESS="$less" LLMF_CUTS_EACH="$each" LLMF_TERMINAL="$T/terminal.tsv"
    if [ "$name" = mingw ]; then exe=.exe libs=-lws2_32; fi
    header_is_silent
    # shellcheck disable=SC2046,SC2086
    $compiler $flags -w $(cmocka_flags) -I"$cmocka/include" -c -o "$D/cmocka.o" "$cmocka/src/cmocka.c" >"$D/cmocka.txt" 2>&1 || { bad "cmocka does not build" "$D/cmocka.txt"; echo "$p $f $s" >"$D/sum"; return; }
    unit_tests
    engine_tests
    fast_math
    version=$($compiler -dumpfullversion 2>/dev/null || $compiler --version 2>/dev/null | head -n 1)
    clients
    echo "$p $f $s" >"$D/sum"
    echo "| $label | ${compiler_name} ${version} | ${by:-natively} | $ran programs$(share) | $p | $f | $s |" >"$D/row"
    echo "$name: $ran programs, $p passed, $f failed, $s skipped, $(($(date +%s) - from)) s; long tests 1/$less, streams cut 1/$each"
}

share() {
    if [ "$less" -gt 1 ]; then printf ', long tests 1/%s, cut streams 1/%s' "$less" "$each"; elif [ "$each" -gt 1 ]; then printf ', cut streams 1/%s' "$each"; fi
}

# ---- all of them, two at a time ----

make -s build/loopback-plain || exit 1
LLMF_LOOPBACK=build/loopback-plain
start_server --max-seconds 1500
if [ -f "$LLMF_SHARED/traffic/INDEX.md" ]; then python3 tests/engine/terminal.py "$LLMF_SHARED" >"$T/terminal.tsv"; fi
targets >"$t/targets"
running=0
while IFS='|' read -r name label compiler flags runner less each; do
    case " $* " in "  " | *" $name "*) ;; *) continue ;; esac
    mkdir -p "$T/$name"
    rm -f "$T/$name/sum" "$T/$name/row"
    compiler_name=$compiler by=${runner##*/}
    missing=
    for need in $compiler $runner; do has "$need" || missing="$missing $need"; done
    [ "$cmocka" ] || missing="$missing cmocka's source ($T/cmocka.txt)"
    if [ "$missing" ]; then
        skip "$name ($label): there is no$missing"
        echo "| $label | $compiler | - | skipped | | | |" >"$T/$name/row"
        continue
    fi
    (trap - EXIT; one_target) </dev/null >"$T/$name/log" 2>&1 &
    running=$((running + 1))
    pids="${pids:-} $!"
    if [ $((running % 2)) -eq 0 ]; then
        # shellcheck disable=SC2086
        wait $pids
        pids=
    fi
done <"$t/targets"
# shellcheck disable=SC2086
[ -z "${pids:-}" ] || wait $pids
while IFS='|' read -r name rest; do
    case " $* " in "  " | *" $name "*) ;; *) continue ;; esac
    [ -f "$T/$name/sum" ] || continue
    cat "$T/$name/log"
    read -r p f s <"$T/$name/sum"
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
done <"$t/targets"

# ---- the table ----

{
    echo '| target | compiler | run | what ran | passed | failed | skipped |'
    echo '|---|---|---|---|---:|---:|---:|'
    while IFS='|' read -r name label compiler rest; do
        if [ -f "$T/$name/row" ]; then cat "$T/$name/row"; else echo "| $label | $compiler | - | not run yet | | | |"; fi
    done <"$t/targets"
    echo '| Windows, MSVC | - | not verified | | | | |'
    echo '| macOS, clang | - | not verified | | | | |'
} >"$t/table"
if [ "${UPDATE_README:-0}" = 1 ]; then
    awk -v table="$t/table" '
        /^<!-- targets: begin -->/ { print; while ((getline line < table) > 0) print line; inside = 1; next }
        /^<!-- targets: end -->/ { inside = 0 }
        !inside { print }' README.md >"$t/readme" && cat "$t/readme" >README.md
fi
cat "$t/table"
total
