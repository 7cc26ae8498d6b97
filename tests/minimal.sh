#!/bin/sh
# The static client (examples/minimal): built, weighed, measured beside itself over libcurl, watched by strace, and its look-up of names tried.
# UPDATE_README=1 writes the figures into README.md, between its marks. ROUNDS=41: starts of each client, taken in turn.
. tests/lib.sh
export LC_ALL=C OPENAI_API_KEY=loopback-key ANTHROPIC_API_KEY=loopback-key
STRICT='-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wundef -Wstrict-prototypes -Werror'
MOST=204800 PLAIN_MOST=81920 BLOCK_MOST=81920 PEAK_MOST=512 START_MOST=0.20
B=build rounds=${ROUNDS:-41}
if ! command -v musl-gcc >/dev/null 2>&1; then
    skip "minimal: there is no musl-gcc, so nothing was built: apt-get install musl-tools"
    total
    exit
fi
ok "the one without TLS builds" make -s $B/minimal-plain
if sh tools/debian-source.sh bearssl $B/source/bearssl >"$t/source" 2>&1; then
    ok "it builds" make -s minimal
else
    skip "minimal: the source of BearSSL could not be fetched: $(tail -n 1 "$t/source")"
    total
    exit
fi
mkdir -p $B/tests
ok "measure builds" gcc -std=c99 -Wall -Wextra -Werror -O1 -static -o $B/tests/measure tests/minimal/measure.c
sh tests/loopback/certs.sh $B/tests/minimal-certs || { echo "FAILED: no certificates"; exit 1; }
C=$B/tests/minimal-certs

# One CPU for the client and the server, which nobody else gets meanwhile where that may be asked for.
pin=''
if command -v taskset >/dev/null 2>&1 && taskset -c 0 true; then pin='taskset -c 0'; fi
if command -v chrt >/dev/null 2>&1 && chrt -f 10 true 2>/dev/null; then pin="chrt -f 10 $pin"; fi
make -s $B/loopback || exit 1
LLMF_LOOPBACK="$pin ${LLMF_LOOPBACK:-$B/loopback}"
start_server --tls-port 0 --cert $C/server.pem --key $C/server.key
[ "$word" = ready ] || { echo "FAILED: the loopback server did not start"; exit 1; }
tls=https://127.0.0.1:$tls_port

# ---- what it weighs ----

below() { echo "$1, the limit is $2"; [ "$1" -lt "$2" ]; }
static() { ! readelf -lW "$1" | grep -E 'INTERP|DYNAMIC'; }
stripped() { ! readelf -SW "$1" | grep -E '\.(sym|str)tab|\.debug'; }
for name in minimal minimal-plain; do
    ok "$name is static" static $B/$name
    ok "$name is stripped" stripped $B/$name
done
bytes=$(wc -c <$B/minimal) plain_bytes=$(wc -c <$B/minimal-plain)
ok "its size" below "$bytes" $MOST
ok "the size without TLS" below "$plain_bytes" $PLAIN_MOST
block=$((0x$(nm -S $B/musl/minimal | awk '$4 == "block" { print $2 }')))
ok "the block that it gives the library" below $block $BLOCK_MOST
ok "nothing in it allocates" sh -c "! nm $B/musl/minimal | grep -wE '(m|c|re)alloc|mmap|s?brk'"

# ---- what it says ----

says() { # WORDS COMMAND...: it ends well, and they are all that it says
    words=$1
    shift
    "$@" >"$t/said" 2>"$t/told" </dev/null && [ "$(cat "$t/said")" = "$words" ] && [ ! -s "$t/told" ] || { cat "$t/said" "$t/told"; return 1; }
}
fails() { # STATUS PATTERN COMMAND...: it ends so, and says why on stderr alone
    status=$1 pattern=$2
    shift 2
    "$@" >"$t/said" 2>"$t/told" </dev/null
    [ $? -eq "$status" ] && [ ! -s "$t/said" ] && grep -qE -e "$pattern" "$t/told" || { cat "$t/said" "$t/told"; return 1; }
}
m="$B/minimal -c $C/ca.pem"
ok "openai over TLS" says 'echo: over TLS' $m -u $tls/v1 'echo: over TLS'
ok "anthropic over TLS" says 'echo: over TLS' $m -m anthropic:claude-sonnet-5 -u "https://localhost:$tls_port" 'echo: over TLS'
ok "plain HTTP" says 'echo: in the clear' $B/minimal -u "$base/v1" 'echo: in the clear'
ok "the one without TLS" says 'echo: in the clear' $B/minimal-plain -u "$base/v1" 'echo: in the clear'
ok "a server that no root stands for" fails 1 'unknown issuer' $B/minimal -u $tls/v1 hi
ok "https without TLS" fails 1 'BEARSSL' $B/minimal-plain -u $tls/v1 hi
ok "no key" fails 1 OPENAI_API_KEY env -u OPENAI_API_KEY $m -u $tls/v1 hi
ok "no server" fails 1 'nothing listens there' $m -u https://127.0.0.1:1/v1 hi
ok "a busy server" fails 1 'Rate limit' $m -u $tls/x-status-429/v1 hi
ok "no such provider" fails 1 'nosuch' $m -m nosuch:model hi
ok "no roots" fails 1 'file of roots' $B/minimal -c /nonexistent -u $tls/v1 hi
ok "roots that are too many" fails 1 '16 KB' $B/minimal -c $C/bundle.pem -u $tls/v1 hi
ok "an unknown option" fails 2 '^usage: ' $m -x y
ok "an option without its value" fails 2 '^usage: ' $m -u
ok "two prompts" fails 2 '^usage: ' $m one two
ok "help" sh -c "$B/minimal -h | grep -q '^usage: '"
lines() { # INPUT OUTPUT
    printf '%b' "$1" | $m -u $tls/v1 >"$t/said" 2>&1 && [ "$(tr '\n' ',' <"$t/said")" = "$2" ] || { cat "$t/said"; return 1; }
}
ok "a prompt a line" lines 'echo: one\n\necho: two\necho: three' 'echo: one,echo: two,echo: three,'
ok "a long line" lines "echo: $(seq -s ' ' 1500)" "echo: $(seq -s ' ' 1500),"
ok "an answer that is longer than the block" says "echo: $(seq -s ' ' 20000)" $m -u $tls/v1 "echo: $(seq -s ' ' 20000)"
ok "a line that is too long" sh -c "printf '%09000d' 0 | $m -u $tls/v1 2>&1 | grep -q 'too long'"
goes_on() { printf '[[status:500]]\necho: two\n' | $m -u $tls/v1 >"$t/said" 2>"$t/told"; [ $? -eq 1 ] && grep -q 500 "$t/told" && grep -qx 'echo: two' "$t/said"; }
ok "an error does not end the others, but its status stays" goes_on

# ---- what it takes ----

peak=$($B/tests/measure peak $m -u $tls/v1 "echo: $(printf '%0500d ' 1 2 3 4)") || peak=999999
ok "resident memory at its peak, KB" below "$peak" $((PEAK_MOST + 1))
plain_peak=$($B/tests/measure peak $B/minimal-plain -u "$base/v1" "echo: $(printf '%0500d ' 1 2 3 4)") || plain_peak=999999
ok "resident memory without TLS, KB" below "$plain_peak" $((PEAK_MOST + 1))

calls='an unknown number' connects='an unknown number'
if strace -o "$t/strace" true 2>/dev/null; then
    for i in 1 2 3 4 5 6 7 8 9 10; do echo "echo: line $i"; done >"$t/ten"
    ten() { strace -f -o "$t/strace" $m -u $tls/v1 <"$t/ten" >"$t/said" && cmp "$t/ten" "$t/said"; }
    ok "ten prompts in a row" ten
    calls=$(grep -cE '\b(brk|mmap|mmap2|mremap|munmap)\(' "$t/strace") connects=$(grep -c 'connect(' "$t/strace")
    ok "from its start to its end it asks for no memory (brk, mmap)" [ "$calls" -eq 0 ]
    ok "ten answers come over one connection" [ "$connects" -eq 1 ]
else
    skip "minimal: strace is not there, or may not trace: apt-get install strace"
fi

# The same program over libcurl, as Debian has it. Both are given the same root.
ok "it builds over libcurl" gcc -std=c99 $STRICT -O2 -I. -DLLMF_ONLY=1 -DLLMF_WITH_CURL=1 -DLLMF_WITH_EPOLL=1 -DLLMF_WITH_STRINGS=1 -DLLMF_WITH_ENV=1 -DLLMF_WITH_ANTHROPIC=1 \
    -DLLMF_WITH_OPENAI=1 -o $B/tests/minimal-curl examples/minimal/minimal.c examples/minimal/lookup.c -lcurl
ok "openai over libcurl" says 'echo: over TLS' $B/tests/minimal-curl -c $C/ca.pem -u $tls/v1 'echo: over TLS'
fastest() { sort -n | head -n 1; } # what else the machine does can only add to it
started() { # FILE PROGRAM
    # shellcheck disable=SC2086
    $pin $B/tests/measure first "$2" -c $C/ca.pem -u $tls/v1 'echo: hi' >>"$t/$1"
}
for i in $(seq "$rounds"); do
    started ours $B/minimal
    started theirs $B/tests/minimal-curl
done
ours=$(fastest <"$t/ours") theirs=$(fastest <"$t/theirs")
ratio=$(awk "BEGIN { printf \"%.2f\", $ours / $theirs }")
ok "from its start to the first byte: $ours us, over libcurl $theirs us" awk "BEGIN { exit !($ours <= $START_MOST * $theirs) }"

# ---- its curve, and the powers that signatures are checked with ----

part() { # NAME FLAGS...
    source=tests/minimal/$1.c
    shift
    gcc -std=c99 -Wall -Wextra -Werror -g -isystem $B/source/bearssl/inc -isystem $B/source/bearssl/src "$@" "$source" -lbearssl -lcrypto
}
checked='-O1 -fsanitize=address,undefined -fno-sanitize-recover=all'
ok "the curve builds" part p256 -Wpedantic -Wconversion -Wshadow $checked -o $B/tests/p256
ok "the curve is BearSSL's, and OpenSSL's" $B/tests/p256
if command -v valgrind >/dev/null 2>&1; then
    ok "the curve builds to be watched" part p256 -O3 -DWATCHED -o $B/tests/p256-watched
    ok "no branch and no address hangs on a multiplier" valgrind -q --error-exitcode=9 $B/tests/p256-watched
else
    skip "minimal: the curve was not watched: apt-get install valgrind"
fi
ok "the powers build" part modpow $checked -o $B/tests/modpow
ok "the powers are OpenSSL's" $B/tests/modpow

# ---- how it finds hosts ----

ok "a reply about names builds" gcc -std=c99 $STRICT -g -fsanitize=address,undefined -fno-sanitize-recover=all -o $B/tests/lookup tests/minimal/lookup.c examples/minimal/lookup.c
ok "a reply about names, cut and changed at each byte" $B/tests/lookup
mkfifo "$t/names"
python3 tests/minimal/names.py >"$t/names" &
names_pid=$!
trap 'kill $names_pid; finish' EXIT
read -r names_port <"$t/names"
printf '127.0.0.1 localhost\n# 127.0.0.1 none.test\n10.0.0.1 other.test\n127.0.0.1\tbox  file.test # us\n' >"$t/hosts"
printf 'search test\nnameserver 127.0.0.1\n' >"$t/servers"
looks_up() { # it is built with files of ours
    make -s B="$t/b" "$t/b/minimal-plain" MINIMAL_FLAGS="-DLOOKUP_HOSTS='\"$t/hosts\"' -DLOOKUP_SERVERS='\"$t/servers\"' -DLOOKUP_PORT=$names_port"
}
ok "with names of ours it builds" looks_up
finds() { says 'echo: found' "$t/b/minimal-plain" -u "http://$1:$port/v1" 'echo: found'; }
finds_none() { fails 1 'no address known' "$t/b/minimal-plain" -u "http://$1:$port/v1" hi; }
for host in file.test FILE.test box v4.test v4.test. slow.test; do ok "the host $host is found" finds $host; done
if curl -fs -m 5 "http://[::1]:$port/last" >/dev/null 2>&1 || [ $? -ne 7 ]; then ok "the host v6.test is found" finds v6.test; else skip "minimal: there is no IPv6 here"; fi
for host in none.test odd.test silent.test "$(printf '%064d' 0).test"; do ok "the host $host is not found" finds_none "$host"; done

# ---- the table ----

dots() { echo "$1" | awk '{ printf "%d,%03d", $1 / 1000, $1 % 1000 }'; }
ms() { awk "BEGIN { printf \"%.1f\", $1 / 1000 }"; }
{
    echo '| of `build/minimal`: OpenAI, Anthropic, TLS and roots | | limit |'
    echo '|---|---:|---:|'
    echo "| the file, static and stripped | $(dots "$bytes") bytes | $(dots $MOST) |"
    echo "| the same with OpenAI's dialect alone and without TLS (\`build/minimal-plain\`) | $(dots "$plain_bytes") bytes | $(dots $PLAIN_MOST) |"
    echo "| the block of memory that it gives the library | $(dots $block) bytes | $(dots $BLOCK_MOST) |"
    echo "| resident memory at its peak, one answer streamed over TLS | $peak KiB | $PEAK_MOST KiB |"
    echo "| from its start to the first byte, over TLS | $(ms "$ours") ms | |"
    echo "| the same program over libcurl | $(ms "$theirs") ms | |"
    echo "| ratio | $ratio | $START_MOST |"
    echo "| system calls that ask for memory, from its start to its end | $calls | 0 |"
    echo "| connections for ten prompts in a row | $connects | 1 |"
    echo
    echo "$(musl-gcc --version | head -n 1), musl, BearSSL; times are of the fastest of $rounds starts taken in turn, client and server on one CPU; \`sh tests/minimal.sh\` measures it again."
} >"$t/table"
cat "$t/table"
if [ "${UPDATE_README:-0}" = 1 ] && [ $failed -eq 0 ]; then
    awk -v table="$t/table" '
        /^<!-- minimal: end -->/ { on = 0; while ((getline line < table) > 0) print line; print "" }
        !on { print }
        /^<!-- minimal: begin -->/ { on = 1; found = 1 }
        END { exit !found }' README.md >"$t/readme" && cp "$t/readme" README.md && passed=$((passed + 1)) || { failed=$((failed + 1)); echo "FAILED: README.md has no marks of the table"; }
fi
total
