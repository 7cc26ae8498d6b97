#!/bin/sh
# The microcontroller's example (examples/device): built for a Cortex-M3 with each of two providers alone and with both, run in QEMU, and weighed.
# `device.sh readme`: the figures also go into README.md, between its marks.
. tests/lib.sh
CORE_MOST=65536 RAM_MOST=24576
ARM=${ARM:-arm-none-eabi-}
readme=${1:-}
for tool in "${ARM}gcc" "${ARM}nm" "${ARM}size" qemu-system-arm; do
    if ! command -v "$tool" >/dev/null 2>&1; then
        skip "device: $tool is not there, so nothing was built or run for a microcontroller: apt-get install gcc-arm-none-eabi qemu-system-arm"
        total
        exit
    fi
done

build() { # NAME PROVIDERS MORE-FLAGS: build/device-NAME.elf
    make -s device DEVICE="build/device-$1.elf" DEVICE_WITH="$2" DEVICE_FLAGS="$3" ARM="$ARM"
}
play() { # NAME: what it says to $t/said; its exit code
    timeout 60 qemu-system-arm -M mps2-an385 -nographic -semihosting-config enable=on,target=native -kernel "build/device-$1.elf" >"$t/said" 2>&1 </dev/null
    status=$?
    cat "$t/said"
    return $status
}
says() { grep -qF -e "$1" "$t/said" || { cat "$t/said"; return 1; }; }
refuses() { # NAME WORDS: it ends with 1 and says why
    play "$1" >/dev/null
    [ $? -eq 1 ] && says "$2"
}
# What the compiler may call: these four, and libgcc.
only_libgcc() { "${ARM}nm" -u "$1" | awk '{ print $2 }' | grep -vE '^(memcpy|memmove|memset|memcmp|__aeabi_[a-z0-9]+|__gnu_[a-z0-9_]+|__clz[sd]i2)$' | { ! grep .; }; }
bytes() { "${ARM}size" -A "$1" | awk -v wanted="$2" 'BEGIN { n = split(wanted, w, " "); for (i = 1; i <= n; i++) want[w[i]] = 1 } $1 in want { s += $2 } END { print s + 0 }'; }
below() { echo "$1 bytes, the limit is $2"; [ "$1" -lt "$2" ]; }

scene() { # MODEL TOKENS: as it was recorded
    ok "$name: $1 streams" says "$1: The bed in the north is dry (18 %) and warm (31 °C). I open its valve."
    ok "$name: $1 calls the tool" says 'tool: set_valve {"valve":"north","open":true}'
    ok "$name: $1 ends" says "finish: tool_calls, tokens: $2,"
}

dots() { echo "$1" | awk '{ printf "%d,%03d", $1 / 1000, $1 % 1000 }'; }

weigh() { # NAME TITLE: figures of build/device-NAME.elf, which has just been played
    elf=build/device-$1.elf own=0
    flash=$(bytes "$elf" '.text .ARM.exidx .data')
    for part in device board; do own=$((own + $("${ARM}size" "build/device-$1/$part.o" | awk 'NR == 2 { print $1 + $2 }'))); done
    ram=$(bytes "$elf" '.stack .data .bss')
    block=$(awk '$1 == "block:" { print $2 }' "$t/said") used=$(awk '$1 == "block:" { print $4 + $9 }' "$t/said")
    stack=$(awk '$1 == "stack:" { print $4 }' "$t/said") stack_used=$(awk '$1 == "stack:" { print $2 }' "$t/said")
    frame=$(sort -t "$(printf '\t')" -k2 -n -r "build/device-$1/llm.su" | awk 'NR == 1 { n = split($1, at, ":"); print $2 " (" at[n] ")" }')
    echo "$2: flash $flash, of which the library (with libgcc) $((flash - own)); RAM $ram: block $block (at most $used used), stack $stack ($stack_used used), largest frame $frame"
    echo "| $2 | $(dots $((flash - own))) | $(dots "$flash") | $(dots "$ram") | $(dots "$used") of $(dots "$block") | $(dots "$stack_used") of $(dots "$stack") |" >>"$t/table"
}

image() { # NAME TITLE PROVIDERS
    name=$1
    ok "$1 builds" build "$1" "$3" ''
    ok "$1 wants no C library" only_libgcc "build/device-$1/llm.o"
    ok "$1 runs to its end" play "$1"
    ok "$1: all is as recorded" says 'all as recorded'
    case $3 in *ANTHROPIC*) scene anthropic:claude-sonnet-5 '412 in, 57 out' ;; esac
    case $3 in *OPENAI*) scene openai:gpt-4o-mini '398 in, 41 out' ;; esac
    weigh "$1" "$2"
    case $3 in *' '*) ;; *) ok "$1: the library's flash" below $((flash - own)) $CORE_MOST ;; esac
    ok "$1: RAM" below "$ram" $RAM_MOST
}
image openai OpenAI OPENAI
image anthropic Anthropic ANTHROPIC
image both both 'ANTHROPIC OPENAI'

# What goes wrong is told, and ends with 1.
ok "a small block builds" build small OPENAI -DDEVICE_BLOCK=6000
ok "a small block is refused" refuses small 'error: memory'
ok "a tiny block builds" build tiny OPENAI -DDEVICE_BLOCK=1000
ok "a tiny block is refused" refuses tiny 'error: memory'
ok "a line that goes dead builds" build cut ANTHROPIC -DDEVICE_CUT=1500
ok "a line that goes dead is told" refuses cut 'error: truncated'
ok "other words build" build words OPENAI '-DDEVICE_WORDS=\"none\"'
ok "other words are told" refuses words 'wrong: the text'

if [ "$readme" = readme ] && [ $failed -eq 0 ]; then
    {
        echo '| provider | flash: the library | flash: the whole image | RAM | of the block, used | of the stack, used |'
        echo '|---|---|---|---|---|---|'
        cat "$t/table"
        echo
        echo "$("${ARM}gcc" --version | head -n 1), -Os, Cortex-M3, in bytes; \`make device\` builds it, \`sh tests/device.sh\` measures it again."
    } >"$t/rows"
    awk -v rows="$t/rows" '
        /^<!-- device: end -->/ { on = 0; while ((getline line < rows) > 0) print line; print "" }
        !on { print }
        /^<!-- device: begin -->/ { on = 1; found = 1 }
        END { exit !found }' README.md >"$t/readme" && cp "$t/readme" README.md && passed=$((passed + 1)) || { failed=$((failed + 1)); echo "FAILED: README.md has no marks of the table"; }
fi
total
