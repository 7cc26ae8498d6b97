#!/bin/sh
# examples/plugin: the plugin by every compiler, the program that loads it as C, C++ and with LLMF_STATIC, against a server that speaks the plugin's dialect.
. tests/lib.sh
STRICT='-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wundef -Wstrict-prototypes -Werror'
# Not all of the library: it compiles in a third of the time.
little='-DLLMF_ONLY=1 -DLLMF_WITH_CONFIG=1 -DLLMF_WITH_REGISTER=1 -DLLMF_WITH_FILES=1 -DLLMF_WITH_ENV=1 -DLLMF_WITH_YAML=1 -DLLMF_WITH_STRINGS=1 -DLLMF_WITH_MOCK=1 -DLLMF_WITH_SOCKET=1'
umask 022
mkdir -p build/plugins build/examples/plugin
p=$(mktemp -d "$PWD/build/plugins/sh-XXXXXX") || exit 1
chmod 755 "$p"
finish() {
    [ -n "$server_pid" ] && kill "$server_pid" 2>/dev/null
    rm -rf "$t" "$p"
}
# shellcheck disable=SC2086
{
    silent "acme.so, gcc" gcc -std=c99 $STRICT -I. -shared -fPIC -o build/plugins/acme.so examples/plugin/acme.c
    silent "acme.so, nothing but its entry is seen" gcc -std=c99 -O2 -fvisibility=hidden $STRICT -I. -shared -fPIC -o "$p/hidden.so" examples/plugin/acme.c
    silent "acme.so, clang" clang -std=c99 $STRICT -I. -shared -fPIC -o "$p/clang.so" examples/plugin/acme.c
    silent "acme.so, g++" g++ -std=c++11 -Wall -Wextra -Werror -I. -shared -fPIC -o "$p/cpp.so" -x c++ examples/plugin/acme.c
    if command -v tcc >/dev/null; then silent "acme.so, tcc" tcc -I. -shared -o "$p/tcc.so" examples/plugin/acme.c; else skip "tcc is not there"; fi
    silent "host" gcc -std=c99 $STRICT $quick -Wno-missing-field-initializers -g -I. -o build/examples/plugin/host examples/plugin/host.c -lcurl
    silent "host, LLMF_STATIC" clang -std=c99 $STRICT -Wno-missing-field-initializers -DLLMF_STATIC=1 $little -I. -o "$p/static" examples/plugin/host.c
    silent "host, C++" g++ -std=c++11 -w $little -I. -o "$p/cpp" -x c++ examples/plugin/host.c
}
cp build/plugins/acme.so "$p/gcc.so"
ok "a plugin wants nothing of the program" sh -c "! nm -D -u '$p/gcc.so' | grep llmf"
ok "and exports its entry alone" sh -c "[ \"\$(nm -D --defined-only '$p/gcc.so' | awk '{ print \$3 }')\" = llmf_plugin_entry ]"
two() { # files that both call the library: each names the plugin's one pointer
    printf '#define LLMF_PLUGIN\n#include "llmfactory.h"\nvoid other(llmf_out *out);\nvoid other(llmf_out *out) { llmf_out_write(out, "", 0); }\n' >"$t/other.c"
    gcc -std=c99 -I. -shared -fPIC -o "$p/two.so" examples/plugin/acme.c "$t/other.c"
}
ok "a plugin of two files" two
refused() { ! printf '#define LLMF_PLUGIN\n#define LLMFACTORY_IMPLEMENTATION\n#include "llmfactory.h"\n' | gcc -std=c99 -I. -fsyntax-only -x c - 2>"$t/err" && grep -q '#error.*LLMF_PLUGIN' "$t/err"; }
ok "a plugin with the implementation is refused by a message" refused
wants() { ! printf '#define LLMFACTORY_IMPLEMENTATION\n#include "llmfactory.h"\n' | gcc -std=c99 -DLLMF_WITH_PLUGINS=1 "$1" -I. -fsyntax-only -x c - 2>"$t/err" && grep -q '#error.*LLMF_WITH_PLUGINS' "$t/err"; }
for without in CONFIG REGISTER FILES; do ok "PLUGINS without $without are refused by a message" wants -DLLMF_NO_$without=1; done

mkfifo "$t/port"
python3 tests/plugin/server.py >"$t/port" &
server_pid=$!
read -r port <"$t/port"
export ACME_API_KEY=acme-key ACME_BASE_URL="http://127.0.0.1:$port"
config() { # PLUGIN: its config beside it
    printf 'plugins:\n  acme: {path: %s.so, sha256: %s}\nmodels:\n  small: {provider: acme, model_id: small-1}\n' "$1" "$(sha256sum "$p/$1.so" | cut -d' ' -f1)" >"$p/$1.yaml"
}
answers() { # HOST PLUGIN
    config "$2"
    "$1" "$p/$2.yaml" small 'one two three' >"$t/said" 2>&1 && grep -qx 'guest: one two three ' "$t/said" && grep -qx '(20 tokens read, 4 written)' "$t/said" || { cat "$t/said"; return 1; }
}
fails() { # PATTERN COMMAND...: with status 1 and a message
    pattern=$1
    shift
    "$@" >"$t/said" 2>&1
    [ $? -eq 1 ] && grep -qE "$pattern" "$t/said" || { cat "$t/said"; return 1; }
}
above=$(d=$p; while [ "$d" != / ]; do d=$(dirname "$d"); find "$d" -maxdepth 0 -perm -o=w; done)
if [ -z "$above" ]; then
    for plugin in gcc hidden clang cpp tcc two; do
        [ -f "$p/$plugin.so" ] && ok "the $plugin plugin answers" answers build/examples/plugin/host $plugin
    done
    for host in static cpp; do ok "the $host host" answers "$p/$host" gcc; done
    ok "an error within the stream" fails 'the line is cut' build/examples/plugin/host "$p/gcc.yaml" small fail
    ok "a wrong key" fails 'who are you|HTTP 401' env ACME_API_KEY=no build/examples/plugin/host "$p/gcc.yaml" small hi
    sed 's/sha256: ..../sha256: 0000/' "$p/gcc.yaml" >"$p/wrong.yaml"
    ok "another digest" fails 'wrong.yaml:2:3: error: plugin acme: its sha256 is [0-9a-f]{64}, which is not what the config says' build/examples/plugin/host "$p/wrong.yaml" small hi
    printf 'x' >>"$p/gcc.so"
    ok "a byte more" fails 'its sha256 is' build/examples/plugin/host "$p/gcc.yaml" small hi
    if command -v musl-gcc >/dev/null; then
        # With another C library: a program and a plugin that have the same one.
        silent "musl: the plugin" musl-gcc -std=c99 -I. -shared -fPIC -o "$p/musl.so" examples/plugin/acme.c
        # shellcheck disable=SC2086
        silent "musl: the host" musl-gcc -std=c99 $little -I. -o "$p/musl" examples/plugin/host.c
        ok "musl: it answers" answers "$p/musl" musl
    else
        skip "musl-gcc is not there"
    fi
else
    skip "anybody may write to $above: no plugin below is loaded"
fi
printf 'plugins: {acme: {path: acme.so, sha256: "%064d"}}\n' 0 >"$t/none.yaml"
ok "a build without plugins says so" sh -c "! build/llmf check '$t/none.yaml' >'$t/said' 2>&1 && grep -q 'none.yaml:1:1: .*build with LLMF_WITH_PLUGINS=1' '$t/said'"
total
