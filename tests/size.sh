#!/bin/sh
# What a program carries of us that chats, streams and calls tools: .text + .rodata + .data (with .data.rel.ro), as linked with -Os and the sections that
# nobody uses collected; what a program that does nothing has is taken off. Libraries are linked dynamically and not counted.
# Then what each dialect, host, transport, feature and operation costs: the difference to the same build without it. README.md gets these between its marks.
. tests/lib.sh
CC=${CC:-cc}
OS='-std=gnu99 -Os -ffunction-sections -fdata-sections -Wl,--gc-sections'
cat >"$t/a.c" <<'C'
#define LLMFACTORY_IMPLEMENTATION
#include "llmfactory.h"
#ifdef WITH_CALLS /* what only a program that calls it carries */
#if LLMF_HAS_REGISTER
llmf_result (*volatile registers)(llmf_factory *, const llmf_provider_desc *, size_t, llmf_error *) = llmf_register_abi;
llmf_result (*volatile registers_dialect)(llmf_factory *, const llmf_dialect *, size_t, llmf_error *) = llmf_register_dialect_abi;
#endif
#if LLMF_HAS_REPLAY
llmf_result (*volatile replays)(llmf_factory *, const llmf_recording *) = llmf_replay;
#endif
#endif
int main(int argc, char **argv) {
    llmf_desc d = {0};
    llmf_error err;
    llmf_factory *f;
    llmf_tool tool = {0};
    llmf_request req = {0};
    llmf_event ev;
    llmf_call c;
    d.api_key = argv[argc - 2];
    f = llmf_open(&d, &err);
    tool.name = "t";
    req.prompt = argv[argc - 1];
    req.tools = &tool;
    req.tool_count = 1;
    req.stream = true;
    req.op = argc - 3;
    c = llmf_start(f, llmf_get(f, argv[1], &err), &req);
    while (llmf_poll(f, -1) > 0)
        while (llmf_next(f, c, &ev)) continue;
    llmf_close(f);
    return 0;
}
C
printf 'int main(void) { return 0; }\n' >"$t/none.c"
# shellcheck disable=SC2086
$CC $OS -o "$t/none" "$t/none.c" || exit 1
sections() { size -A "$1" | awk '$1 == ".text" || $1 == ".rodata" || $1 == ".data" || $1 == ".data.rel.ro" { n += $2 } END { print n }'; }
bytes() { # LIBRARIES OPTIONS: bytes of ours
    libraries=$1
    shift
    # shellcheck disable=SC2086
    $CC $OS -I. "$@" -o "$t/a" "$t/a.c" $libraries 2>"$t/err" || { cat "$t/err" >&2; return 1; }
    echo $(($(sections "$t/a") - $(sections "$t/none")))
}
row() { # NAME LIMIT (0: none) LIBRARIES OPTIONS
    name=$1 limit=$2
    shift 2
    n=$(bytes "$@") || { failed=$((failed + 1)); return; }
    printf '| %-58s | %7d |\n' "$name" "$n"
    if [ "$limit" -eq 0 ] || [ "$n" -lt "$limit" ]; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "FAILED: $name: $n bytes, the limit is $limit"; fi
}
only='-DLLMF_ONLY=1'
sockets="$only -DLLMF_WITH_SOCKET=1"
# shellcheck disable=SC2086
{
    row "openai, sockets" 61440 '' $sockets -DLLMF_WITH_OPENAI=1
    row "openai, sockets, variables" 0 '' $sockets -DLLMF_WITH_OPENAI=1 -DLLMF_WITH_ENV=1
    row "openai, sockets, sentences" 0 '' $sockets -DLLMF_WITH_OPENAI=1 -DLLMF_WITH_STRINGS=1
    row "openai, sockets, config as JSON, sentences" 0 '' $sockets -DLLMF_WITH_OPENAI=1 -DLLMF_WITH_CONFIG=1 -DLLMF_WITH_STRINGS=1
    row "openai, curl" 0 "${CURL_LIBS:--lcurl}" $only -DLLMF_WITH_CURL=1 -DLLMF_WITH_OPENAI=1
    row "anthropic, sockets" 0 '' $sockets -DLLMF_WITH_ANTHROPIC=1
    row "ollama, sockets" 0 '' $sockets -DLLMF_WITH_OLLAMA=1
    row "everything but the table of models" 0 "${CURL_LIBS:--lcurl}" -DLLMF_NO_MODELS=1
    row "everything" 0 "${CURL_LIBS:--lcurl}"
}

# ---- what each part costs ----

# Builds, one a line: "KEY OPTIONS". A cost is the difference of two of them: "KIND NAME KEY KEY".
builds=$t/builds costs=$t/costs
base='LLMF_ONLY LLMF_WITH_SOCKET LLMF_WITH_OPENAI'
providers() { awk -F'[(,)]' '/^LLMF_PROVIDER\(/ { gsub(/[" ]/, ""); print $2, $5 }' models.def; }
build() { # KEY OPTIONS...
    echo "$*" >>"$builds"
}
cost() { # KIND NAME KEY-WITH KEY-WITHOUT
    echo "$*" >>"$costs"
}
added() { # KIND NAME OPTION [OPTIONS of both, and their KEY]: to the base
    build "$3${5:-}" $base ${4:-} "$3"
    cost "$1" "$2" "$3${5:-}" "${5:-base}"
}
lower() { echo "$1" | tr A-Z a-z; }
build base $base
build models $base LLMF_WITH_MODELS
build anthropic LLMF_ONLY LLMF_WITH_SOCKET LLMF_WITH_ANTHROPIC
build curl LLMF_ONLY LLMF_WITH_CURL LLMF_WITH_OPENAI
build both-transports $base LLMF_WITH_CURL
build config $base LLMF_WITH_CONFIG
build counting $base LLMF_WITH_ANTHROPIC LLMF_WITH_COUNT
cost dialects openai LLMF_WITH_ANTHROPIC anthropic
providers | awk '$2 != "OPENAI" && !had[$2]++ { print $1 }' >"$t/speakers" # one of each dialect
providers | awk '$2 == "OPENAI" && $1 != "OPENAI" || had[$2]++ && $2 != "OPENAI" { print $1 }' >"$t/hosts"
while read -r id; do added dialects "$(lower "$id")" "LLMF_WITH_$id"; done <"$t/speakers"
while read -r id; do
    case $id in VERTEX) also=LLMF_WITH_GEMINI key=gemini ;; *) also='' key='' ;; esac
    [ -z "$key" ] || build "$key" $base LLMF_WITH_MODELS $also
    added hosts "$(lower "$id")" "LLMF_WITH_$id" "LLMF_WITH_MODELS $also" "${key:-models}"
done <"$t/hosts"
cost transports socket both-transports curl
cost transports curl both-transports base
for x in EPOLL REPLAY CUSTOM BEARSSL; do added transports "$(lower $x)" LLMF_WITH_$x; done
added transports "roots (for bearssl)" LLMF_WITH_ROOTS LLMF_WITH_BEARSSL LLMF_WITH_BEARSSL
cost features config config base
added features yaml LLMF_WITH_YAML LLMF_WITH_CONFIG config
for x in FILES ENV MODELS REGISTER MEDIA SCHEMA EXTRA STATE CITATIONS FAULTS REASONING INFO SLICES STRINGS; do added features "$(lower $x)" LLMF_WITH_$x; done
for x in EMBED TRANSCRIBE LIST; do added operations "$(lower $x)" LLMF_WITH_$x; done
cost operations "count (anthropic's)" counting LLMF_WITH_ANTHROPIC

# Two at a time: "KEY BYTES".
one_build() {
    key=$1 options=''
    shift
    for o in "$@"; do options="$options -D$o=1"; done
    case $* in *CURL*) libraries=${CURL_LIBS:--lcurl} ;; *BEARSSL*) libraries=-lbearssl ;; *) libraries='' ;; esac
    # shellcheck disable=SC2086
    $CC $OS -I. -DWITH_CALLS $options -o "$t/build-$key" "$t/a.c" $libraries && echo "$key $(($(sections "$t/build-$key") - $(sections "$t/none")))"
}
half() { awk -v half="$1" 'NR % 2 == half' "$builds" | while read -r line; do one_build $line; done; }
(trap - EXIT; half 1) >"$t/sizes1" 2>"$t/err1" &
half 0 >"$t/sizes0" 2>"$t/err0"
wait $!
cat "$t/err0" "$t/err1"
cat "$t/sizes0" "$t/sizes1" >"$t/sizes"
[ "$(wc -l <"$t/sizes")" -eq "$(wc -l <"$builds")" ] || { failed=$((failed + 1)); echo "FAILED: not every build was made"; total; exit 1; }
passed=$((passed + 1))

table() {
    echo '## Size'
    echo
    echo "Bytes that each part adds to a program which chats, streams and calls tools over plain sockets with one OpenAI-compatible provider; a host with its models."
    echo "$($CC --version | head -n 1), -Os, $(uname -m): code and constants as linked, with what nobody uses left away. \`make size\` measures this again."
    echo
    echo '| part | bytes |'
    echo '|---|---|'
    awk 'function dots(n,  s) { s = n % 1000; if (n < 1000) return n ""; return dots(int(n / 1000)) sprintf(",%03d", s) }
         FILENAME == ARGV[1] { size[$1] = $2; next }
         { kind = $1; with = $(NF - 1); without = $NF; name = $2; for (i = 3; i < NF - 1; i++) name = name " " $i
           if (!(kind in line)) order[++n] = kind; else line[kind] = line[kind] " · "
           line[kind] = line[kind] name " " dots(size[with] - size[without]) }
         END { print "| the program | " dots(size["base"]) " |"; for (i = 1; i <= n; i++) print "| " order[i] " | " line[order[i]] " |" }' "$t/sizes" "$costs"
}
table | tee "$t/table"
awk -v table="$t/table" '
    /^<!-- size: end -->/ { on = 0; while ((getline line < table) > 0) print line; print "" }
    !on { print }
    /^<!-- size: begin -->/ { on = 1; found = 1 }
    END { exit !found }' README.md >"$t/readme" && cp "$t/readme" README.md && passed=$((passed + 1)) || { failed=$((failed + 1)); echo "FAILED: README.md has no marks of the table"; }
total
