#!/bin/sh
# What a program carries of us that chats, streams and calls tools: .text + .rodata + .data (with .data.rel.ro), as linked with -Os and the sections that
# nobody uses collected; what a program that does nothing has is taken off. Libraries are linked dynamically and not counted.
# Then what each dialect, host, transport, feature and operation costs: the difference to the same build without it. On each target whose compiler is there.
#   size.sh         the figures go into README.md, between its marks
#   size.sh check   a figure that is more than a fiftieth above README.md's fails (but for hosts, which are rows of data, and features elsewhere than on the first target); of
#                   another compiler's version nothing is said
. tests/lib.sh
mode=${1:-write}
CC=${CC:-cc}
OS='-Os -ffunction-sections -fdata-sections -Wl,--gc-sections'
cat >"$t/a.c" <<'C'
#define LLMFACTORY_IMPLEMENTATION
#include "llmfactory.h"
/* What only a program that calls it carries: all that a feature adds to the functions. */
typedef void (*function)(void);
#define CALLED(f) (function)f,
static const volatile function called[] = {
#if LLMF_HAS_REGISTER
    CALLED(llmf_register_abi) CALLED(llmf_register_dialect_abi)
#endif
#if LLMF_HAS_REPLAY
    CALLED(llmf_replay)
#endif
#if LLMF_HAS_ROUTES
    CALLED(llmf_route_abi) CALLED(llmf_score)
#endif
#if LLMF_HAS_PROMPTS
    CALLED(llmf_render_abi) CALLED(llmf_start_chain_abi)
#endif
#if LLMF_HAS_RUN
    CALLED(llmf_start_run_abi) CALLED(llmf_tool_done)
#endif
#if LLMF_HAS_BATCH
    CALLED(llmf_start_batch_abi)
#endif
#if LLMF_HAS_JOBS
    CALLED(llmf_start_job_abi)
#endif
#if LLMF_HAS_FIT
    CALLED(llmf_fit_abi) CALLED(llmf_conversation_save) CALLED(llmf_conversation_load_abi)
#endif
#if LLMF_HAS_TOKENS
    CALLED(llmf_count_tokens_abi) CALLED(llmf_tokens_open_abi) CALLED(llmf_tokens_encode) CALLED(llmf_tokens_decode)
#endif
#if LLMF_HAS_STRUCTURED
    CALLED(llmf_start_json_abi) CALLED(llmf_json_check) CALLED(llmf_json_feed) CALLED(llmf_json_schema) CALLED(llmf_text_each) CALLED(llmf_text_decode)
#endif
#if LLMF_HAS_METRICS
    CALLED(llmf_metrics)
#endif
#if LLMF_HAS_SAVE
    CALLED(llmf_save) CALLED(llmf_load)
#endif
#if LLMF_HAS_MCP
    CALLED(llmf_mcp_open_abi)
#endif
    0
};
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
    return called[0] != 0; /* read, so that the linker keeps them */
}
C
printf 'int main(void) { return 0; }\n' >"$t/none.c"

# ---- targets ----

# With an operating system the program talks over our sockets; without, over a byte stream of its own.
targets='x86-64 armhf cortex-m3'
compiler() { # TARGET
    case $1 in
    x86-64) echo "$CC" ;;
    armhf) echo arm-linux-gnueabihf-gcc ;;
    cortex-m3) echo arm-none-eabi-gcc ;;
    esac
}
flags() { # TARGET
    case $1 in
    cortex-m3) echo "-std=gnu99 $OS -mcpu=cortex-m3 -mthumb -ffreestanding -fno-tree-loop-distribute-patterns -nostdlib -Wl,-e,main,--unresolved-symbols=ignore-all -DLLMF_NO_STDLIB=1" ;;
    *) echo "-std=gnu99 $OS" ;;
    esac
}
way() { # TARGET: the option of what it talks over
    case $1 in cortex-m3) echo LLMF_WITH_CUSTOM ;; *) echo LLMF_WITH_SOCKET ;; esac
}
# Is there such a thing on that target? Libraries are those of this machine.
there() { # TARGET OPTIONS
    case "$1 $2" in
    armhf*CURL* | armhf*BEARSSL* | cortex-m3*SOCKET* | cortex-m3*EPOLL* | cortex-m3*CURL* | cortex-m3*FILES* | cortex-m3*ENV* | cortex-m3*BEARSSL* | cortex-m3*DNS_THREADS*) return 1 ;;
    esac
}
version() { "$(compiler "$1")" --version | head -n 1; }
sections() { size -A "$1" | awk '$1 == ".text" || $1 == ".rodata" || $1 == ".data" || $1 == ".data.rel.ro" || $1 == ".ARM.exidx" { n += $2 } END { print n + 0 }'; }
bytes() { # TARGET KEY OPTIONS...: bytes of ours, or nothing
    target=$1 key=$2 libraries=''
    shift 2
    case $* in *CURL*) libraries=${CURL_LIBS:--lcurl} ;; *BEARSSL*) libraries=-lbearssl ;; esac
    [ "$target" = cortex-m3 ] && libraries=-lgcc
    # shellcheck disable=SC2046,SC2086
    $(compiler "$target") $(flags "$target") -I. "$@" -o "$t/$target-$key" "$t/a.c" $libraries && echo $(($(sections "$t/$target-$key") - $(sections "$t/$target-none")))
}

# ---- whole programs ----

row() { # NAME LIMIT (0: none) OPTIONS
    name=$1 limit=$2
    shift 2
    n=$(bytes x86-64 whole "$@") || { failed=$((failed + 1)); return; }
    printf '%-58s %7d\n' "$name" "$n"
    if [ "$limit" -eq 0 ] || [ "$n" -lt "$limit" ]; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "FAILED: $name: $n bytes, the limit is $limit"; fi
}
# shellcheck disable=SC2086
$CC -std=gnu99 $OS -o "$t/x86-64-none" "$t/none.c" || exit 1
only='-DLLMF_ONLY=1'
sockets="$only -DLLMF_WITH_SOCKET=1"
# shellcheck disable=SC2086
{
    row "openai, sockets" 61440 $sockets -DLLMF_WITH_OPENAI=1
    row "openai, sockets, variables" 0 $sockets -DLLMF_WITH_OPENAI=1 -DLLMF_WITH_ENV=1
    row "openai, sockets, sentences" 0 $sockets -DLLMF_WITH_OPENAI=1 -DLLMF_WITH_STRINGS=1
    row "openai, sockets, config as JSON, sentences" 0 $sockets -DLLMF_WITH_OPENAI=1 -DLLMF_WITH_CONFIG=1 -DLLMF_WITH_STRINGS=1
    row "openai, curl" 0 $only -DLLMF_WITH_CURL=1 -DLLMF_WITH_OPENAI=1
    row "anthropic, sockets" 0 $sockets -DLLMF_WITH_ANTHROPIC=1
    row "ollama, sockets" 0 $sockets -DLLMF_WITH_OLLAMA=1
    row "everything but the table of models" 0 -DLLMF_NO_MODELS=1 -DLINK_CURL=1
    row "everything" 0 -DLINK_CURL=1
}

# ---- what each part costs ----

# Builds, one a line: "KEY OPTIONS". A cost is the difference of two of them: "KEY-WITH KEY-WITHOUT NAME".
builds=$t/builds costs=$t/costs
providers() { awk -F'[(,)]' '/^LLMF_PROVIDER\(/ { gsub(/[" ]/, ""); print $2, $5 }' models.def; }
build() { # KEY OPTIONS...; WAY is what the target talks over
    echo "$*" >>"$builds"
}
cost() { # NAME KEY-WITH KEY-WITHOUT
    echo "$2 $3 $1" >>"$costs"
}
added() { # NAME OPTION [OPTIONS of both, and their KEY]: to the base
    # shellcheck disable=SC2086
    build "$2${4:-}" $base ${3:-} "$2"
    cost "$1" "$2${4:-}" "${4:-base}"
}
lower() { echo "$1" | tr A-Z a-z; }
base='LLMF_ONLY WAY LLMF_WITH_OPENAI'
# shellcheck disable=SC2086
{
    build base $base
    build models $base LLMF_WITH_MODELS
    build anthropic LLMF_ONLY WAY LLMF_WITH_ANTHROPIC
    build curl LLMF_ONLY LLMF_WITH_CURL LLMF_WITH_OPENAI
    build both-transports LLMF_ONLY LLMF_WITH_SOCKET LLMF_WITH_OPENAI LLMF_WITH_CURL
    build config $base LLMF_WITH_CONFIG
    build counting $base LLMF_WITH_ANTHROPIC LLMF_WITH_COUNT
}
cost "dialect openai" LLMF_WITH_ANTHROPIC anthropic
providers | awk '$2 != "OPENAI" && !had[$2]++ { print $1 }' >"$t/speakers" # one of each dialect
providers | awk '$2 == "OPENAI" && $1 != "OPENAI" || had[$2]++ && $2 != "OPENAI" { print $1 }' >"$t/hosts"
while read -r id; do added "dialect $(lower "$id")" "LLMF_WITH_$id"; done <"$t/speakers"
[ "$mode" != check ] || : >"$t/hosts"
while read -r id; do
    case $id in VERTEX) also=LLMF_WITH_GEMINI key=gemini ;; *) also='' key='' ;; esac
    # shellcheck disable=SC2086
    [ -z "$key" ] || build "$key" $base LLMF_WITH_MODELS $also
    added "host $(lower "$id")" "LLMF_WITH_$id" "LLMF_WITH_MODELS $also" "${key:-models}"
done <"$t/hosts"
cost "transport socket" both-transports curl
cost "transport curl" both-transports base
for x in EPOLL REPLAY CUSTOM BEARSSL; do added "transport $(lower $x)" LLMF_WITH_$x; done
added "roots, for bearssl" LLMF_WITH_ROOTS LLMF_WITH_BEARSSL LLMF_WITH_BEARSSL
added "look-ups in threads" LLMF_WITH_DNS_THREADS
added "servers of mcp" LLMF_WITH_MCP LLMF_WITH_RUN LLMF_WITH_RUN
cost "feature config" config base
added "feature yaml" LLMF_WITH_YAML LLMF_WITH_CONFIG config
added "feature sources" LLMF_WITH_SOURCES LLMF_WITH_CONFIG config
added "feature secrets" LLMF_WITH_SECRETS LLMF_WITH_CONFIG config
for x in FILES ENV MODELS REGISTER MEDIA SCHEMA EXTRA STATE CITATIONS FAULTS REASONING INFO SLICES RETRY ROUTES PROMPTS STRUCTURED TOKENS BATCH SIMULATE FIT RUN BUDGETS METRICS CACHE FILTERS SAVE STRINGS; do added "feature $(lower $x)" LLMF_WITH_$x; done
for x in EMBED TRANSCRIBE LIST; do added "operation $(lower $x)" LLMF_WITH_$x; done
added "feature jobs" LLMF_WITH_JOBS LLMF_WITH_BATCH LLMF_WITH_BATCH
cost "operation count, of anthropic" counting LLMF_WITH_ANTHROPIC

# "TARGET KEY BYTES" for every build of the target, of which there are two at a time.
one_build() { # TARGET KEY OPTIONS...
    target=$1 key=$2 options=''
    shift 2
    there "$target" "$*" || return 0
    for o in "$@"; do
        [ "$o" = WAY ] && o=$(way "$target")
        options="$options -D$o=1"
    done
    # shellcheck disable=SC2086
    n=$(bytes "$target" "$key" $options) && echo "$target $key $n" || echo "FAILED: $target: $options does not build" >&2
}
# A feature that grows does so on all targets: when checking it is looked at on the first one only, as each build takes its seconds.
chosen() { # TARGET
    if [ "$mode" = check ] && [ "$1" != "${targets%% *}" ]; then awk 'FILENAME == ARGV[1] { if ($3 == "feature") left[$1] = 1; next } !($1 in left)' "$costs" "$builds"; else cat "$builds"; fi
}
half() { chosen "$1" | awk -v half="$2" 'NR % 2 == half' | while read -r line; do one_build "$1" $line; done; }
measured=''
for target in $targets; do
    if ! command -v "$(compiler "$target")" >/dev/null 2>&1; then
        skip "size: there is no $(compiler "$target"), so nothing is known of $target"
        continue
    fi
    measured="$measured $target"
    # shellcheck disable=SC2046
    $(compiler "$target") $(flags "$target") -o "$t/$target-none" "$t/none.c" || exit 1
    (trap - EXIT; half "$target" 1) >"$t/sizes1" 2>"$t/err1" &
    half "$target" 0 >"$t/sizes0" 2>"$t/err0"
    wait $!
    cat "$t/sizes0" "$t/sizes1" >>"$t/sizes"
    cat "$t/err0" "$t/err1"
    if [ -s "$t/err0" ] || [ -s "$t/err1" ]; then failed=$((failed + 1)); else passed=$((passed + 1)); fi
done

# The rows of the table: "| part | bytes on each target |".
rows() {
    awk -v targets="$targets" 'function dots(n,  s) { if (n < 0) return "-" dots(-n); s = n % 1000; if (n < 1000) return n ""; return dots(int(n / 1000)) sprintf(",%03d", s) }
        function cells(with, without,  s, i) { for (i = 1; i <= count; i++) s = s " " ((on[i], with) in size && (!without || (on[i], without) in size) ? dots(size[on[i], with] - (without ? size[on[i], without] : 0)) : "–") " |"; return s }
        FILENAME == ARGV[1] { size[$1, $2] = $3; next }
        FNR == 1 { count = split(targets, on, " "); print "| the program |" cells("base", "") }
        { name = $3; for (i = 4; i <= NF; i++) name = name " " $i; print "| " name " |" cells($1, $2) }' "$t/sizes" "$costs"
}
rows >"$t/rows"

if [ "$mode" = check ]; then
    for target in $measured; do
        if ! grep -qF "$target: $(version "$target")" README.md; then
            skip "size: README.md's figures of $target are of another compiler"
            continue
        fi
        column=$(echo "$targets" | awk -v target="$target" '{ for (i = 1; i <= NF; i++) if ($i == target) print i }')
        awk -F'|' -v at=$((column + 2)) -v target="$target" 'function number(s) { gsub(/[ ,]/, "", s); return s }
            /^<!-- size: begin/ { on = 1 } /^<!-- size: end/ { on = 0 }
            FILENAME == ARGV[1] { if (on) old[$2] = number($at); next }
            { new = number($at); if (new == "–") next; n++; was = old[$2]
              if (was == "" || was == "–") { print "FAILED: " target ":" $2 "is not in the table of README.md: run make size"; bad++ }
              else if (new > was * 1.02 && new > was + 32) { print "FAILED: " target ":" $2 "has grown from " was " to " new " bytes: make it smaller, or run make size and commit the table"; bad++ } }
            END { print n " figures of " target ", " bad + 0 " too large"; exit bad > 0 }' README.md "$t/rows" && passed=$((passed + 1)) || failed=$((failed + 1))
    done
    total
    exit
fi

table() {
    echo '## Size'
    echo
    echo "Bytes of a program which chats, streams and calls tools over plain sockets (on the Cortex-M3 over a byte stream of its own, without a C library) with one OpenAI-compatible provider, and"
    echo "what each part adds to it: a host with its models, a feature with all of its functions called. Code and constants as linked with -Os, with what nobody uses left away. \`make size\` measures this again."
    echo
    echo "| part |$(for target in $targets; do printf ' %s |' "$target"; done)"
    echo "|---|$(for target in $targets; do printf -- '---:|'; done)"
    cat "$t/rows"
    echo
    for target in $measured; do echo "$target: $(version "$target")  "; done
}
table | tee "$t/table"
awk -v table="$t/table" '
    /^<!-- size: end -->/ { on = 0; while ((getline line < table) > 0) print line; print "" }
    !on { print }
    /^<!-- size: begin -->/ { on = 1; found = 1 }
    END { exit !found }' README.md >"$t/readme" && cp "$t/readme" README.md && passed=$((passed + 1)) || { failed=$((failed + 1)); echo "FAILED: README.md has no marks of the table"; }
total
