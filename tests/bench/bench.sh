#!/bin/sh
# bench.sh - the bars of speed: what the library costs against the plainest programs doing the same, in one run on one machine.
# Prints a table (Markdown); the last line is its sum, and it ends with 1 if a bar is missed.
#   ROUNDS=7            rounds taken in turn; times are their medians      UPDATE_README=1   puts the table into README.md
#   INCLUDE=.           where llmfactory.h is
#   INSTRUCTIONS=0      leaves the counting out (skipped)                  ONLY=build        builds and stops
# Times are the client's user and system time; client and server are pinned to one CPU, as two CPUs add noise. Counts of instructions are the
# difference of two run lengths, so that start-up falls out: by perf stat where it works, else by valgrind's callgrind.
set -u
export LC_ALL=C
cd "$(dirname "$0")/../.." || exit 1
B=build/bench
CC=${CC:-cc}
CXX=${CXX:-c++}
rounds=${ROUNDS:-7}
passed=0 failed=0 skipped=0
mkdir -p $B
die() {
    echo "bench.sh: $*" >&2
    exit 1
}

# ---- programs ----

warn='-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wundef -Wstrict-prototypes'
build() { # OUTPUT SOURCE LIBRARIES...
    output=$1 source=$2
    shift 2
    # shellcheck disable=SC2086
    $CC -std=c99 -O2 $warn -I"${INCLUDE:-.}" -DLS_TLS -o "$B/$output" "tests/bench/$source" "$@" || die "$source does not build"
}
# What stands between a call and its host where things fail, left out.
bare='-DLLMF_NO_RETRY=1 -DLLMF_NO_ROUTES=1 -DLLMF_NO_BUDGETS=1 -DLLMF_NO_METRICS=1 -DLLMF_NO_CACHE=1 -DLLMF_NO_FILTERS=1 -DLLMF_NO_SAVE=1'
build_all() {
    build loadserver loadserver.c -lssl -lcrypto
    build bench_llmf bench_llmf.c -lcurl -ldl
    build bench_socket bench_llmf.c -DLLMF_NO_CURL=1 -ldl
    # shellcheck disable=SC2086
    build bench_bare bench_llmf.c -DLLMF_NO_CURL=1 $bare -ldl
    build bench_bearssl bench_llmf.c -DLLMF_NO_CURL=1 -DLLMF_WITH_BEARSSL=1 -lbearssl -ldl
    build bench_handshake bench_handshake.c -DLLMF_NO_CURL=1 -DLLMF_WITH_BEARSSL=1 -lbearssl
    build bench_handle bench_handle.c -lcurl
    $CXX -std=c++17 -O3 -DNDEBUG -Wall -Wextra -c -o $B/work_simdjson.o tests/bench/work_simdjson.cpp || die "work_simdjson.cpp does not build"
    build c_multi.o c_multi.c -c
    $CXX -o $B/c_multi $B/c_multi.o $B/work_simdjson.o -lcurl -lsimdjson -ldl || die "c_multi does not link"
    build c_easy.o c_easy.c -c
    $CXX -o $B/c_easy $B/c_easy.o $B/work_simdjson.o -lcurl -lsimdjson -ldl || die "c_easy does not link"
    build floor.o floor.c -c
    $CXX -o $B/floor $B/floor.o $B/work_simdjson.o -lsimdjson -ldl || die "floor does not link"
}
build_all
[ "${ONLY:-}" = build ] && exit 0
KEYS=rsa sh tests/loopback/certs.sh $B/certs || die "no certificates"
KEYS=ec sh tests/loopback/certs.sh $B/certs-ec || die "no certificates"

t=$(mktemp -d) || exit 1
servers=''
finish() {
    for pid in $servers; do kill "$pid" 2>/dev/null; done
    rm -rf "$t"
}
trap finish EXIT
trap 'exit 1' INT TERM
pin='' && command -v taskset >/dev/null 2>&1 && pin='taskset -c 0'

serve() { # NAME OPTIONS...: sets port and tls_port
    fifo=$t/$1
    shift
    mkfifo "$fifo"
    # shellcheck disable=SC2086
    $pin $B/loadserver -p 0 -T 0 -C $B/certs/server.pem -K $B/certs/server.key -l 900 "$@" >"$fifo" 2>/dev/null &
    servers="$servers $!"
    read -r _ port tls_port <"$fifo" || die "the load server does not start"
}
serve full -N
full=https://127.0.0.1:$tls_port/v1
serve curves -N -C $B/certs-ec/server.pem -K $B/certs-ec/server.key
curves=https://127.0.0.1:$tls_port/v1
serve other
plain=http://127.0.0.1:$port resumed=https://127.0.0.1:$tls_port/v1

# ---- measuring ----

# field NAME: a number of a client's result lines, which come in
field() { sed -n "s/.*\"$1\":\([-0-9.]*\).*/\1/p"; }
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
calc() { awk "BEGIN { printf \"$1\", $2 }"; }

# once FILE PER PROGRAM BASE MODE N CONC WARM: one more figure, microseconds for each of N * PER; a client that counts an error ends it all
once() {
    file=$1 per=$2
    shift 2
    # shellcheck disable=SC2086
    line=$($pin $B/"$@") || die "$* failed: $line"
    calc '%.4f\n' "($(echo "$line" | field user_us) + $(echo "$line" | field sys_us)) / $4 / $per" >>"$t/$file"
    echo "$line" >"$t/$file.line"
}
# all_times: the rounds, everything in turn
all_times() {
    for round in $(seq "$rounds"); do
        once plain.raw 1 c_multi $plain/v1 plain 4000 1 400
        BENCH_TRANSPORT=socket once plain.socket 1 bench_llmf $plain/v1 plain 4000 1 400
        BENCH_TRANSPORT=curl once plain.curl 1 bench_llmf $plain/v1 plain 4000 1 400
        FLOOR=scan once plain.floor 1 floor $plain/v1 plain 4000 1 400
        once event.raw 100 c_multi $plain/n100/v1 stream 1000 1 100
        BENCH_TRANSPORT=socket once event.socket 100 bench_llmf $plain/n100/v1 stream 1000 1 100
        BENCH_TRANSPORT=curl once event.curl 100 bench_llmf $plain/n100/v1 stream 1000 1 100
        FLOOR=scan once event.floor 100 floor $plain/n100/v1 stream 1000 1 100
        once embed.raw 1 c_easy $plain/v1 embed 30 1 3
        BENCH_TRANSPORT=socket once embed.socket 1 bench_llmf $plain/v1 embed 30 1 3
        BENCH_TRANSPORT=curl once embed.curl 1 bench_llmf $plain/v1 embed 30 1 3
        BENCH_TRANSPORT=curl once embed64.curl 1 bench_llmf $plain/v1 embed64 100 1 10
        export BENCH_CA=$B/certs/bundle.pem
        once tls.raw 1 c_multi "$resumed" plain 2000 1 200
        BENCH_TRANSPORT=socket once tls.socket 1 bench_bearssl "$resumed" plain 2000 1 200
        BENCH_FRESH=full once fresh.raw 1 c_multi "$full" plain 10 1 1
        BENCH_FRESH=full BENCH_TRANSPORT=socket once fresh.socket 1 bench_bearssl "$full" plain 60 1 2
        BENCH_FRESH=full BENCH_TRANSPORT=socket once again.socket 1 bench_bearssl "$resumed" plain 200 1 2
        [ "$round" -gt 1 ] || BENCH_TRANSPORT=socket once tlspaced.socket 1 bench_bearssl "${resumed%/v1}/n40/d25000/v1" paced 1000 1000 0
        unset BENCH_CA
        [ "$round" -gt 5 ] && continue
        once paced.raw 1 c_multi $plain/n40/d25000/v1 stream 1000 1000 0
        BENCH_TRANSPORT=socket once paced.socket 1 bench_socket $plain/n40/d25000/v1 paced 1000 1000 0
    done
}
of() { median <"$t/$1"; }

tool=none
if [ "${INSTRUCTIONS:-1}" != 0 ]; then
    if command -v perf >/dev/null 2>&1 && perf stat -e instructions:u true 2>&1 | grep -q '[0-9] *instructions:u'; then tool=perf
    elif command -v valgrind >/dev/null 2>&1; then tool=callgrind; fi
fi
instructions() { # PROGRAM ARGUMENTS...: of the whole run
    if [ $tool = perf ]; then
        # shellcheck disable=SC2086
        $pin perf stat -x, -e instructions:u $B/"$@" 2>&1 >/dev/null | awk -F, '/instructions/ { print $1 }'
    else
        # shellcheck disable=SC2086
        $pin valgrind --tool=callgrind --callgrind-out-file=/dev/null $B/"$@" 2>&1 >/dev/null | awk '/Collected/ { print $NF }'
    fi
}
per_call() { # PROGRAM BASE MODE LO HI: LO and HI are numbers of calls
    lo=$(instructions "$1" "$2" "$3" "$4" 1 2) hi=$(instructions "$1" "$2" "$3" "$5" 1 2)
    echo $(((hi - lo) / ($5 - $4)))
}
per_event() { # PROGRAM: streams of 400 and of 100 events
    long=$(instructions "$1" $plain/n400/v1 stream 40 1 2) short=$(instructions "$1" $plain/n100/v1 stream 40 1 2)
    echo $(((long - short) / (300 * 42)))
}
per_look_up() { # WHICH
    lo=$(instructions bench_handle 500 "$1") hi=$(instructions bench_handle 1500 "$1")
    echo $(((hi - lo) / 64000))
}

largest_poll() { # BASE CERTIFICATES: of the llmf_polls that make a full handshake
    # shellcheck disable=SC2086
    BENCH_CA=$B/$2/bundle.pem $pin valgrind --tool=callgrind --callgrind-out-file="$t/polls.$2" --toggle-collect=bench_poll --dump-after=bench_poll \
        $B/bench_handshake "$1" >/dev/null 2>&1 || die "bench_handshake failed"
    awk '/^(totals|summary):/ && $2 > most { most = $2 } END { print most + 0 }' "$t/polls.$2".*
}

# ---- the table ----

number() { echo "$1" | awk '{ s = $1; while (match(s, /^[0-9]+[0-9][0-9][0-9]([^0-9.]|$)/)) { n = RLENGTH; if (substr(s, n, 1) !~ /[0-9]/) n--; s = substr(s, 1, n - 3) "," substr(s, n - 2) } print s }'; }
write() { printf '| %-50s | %16s | %16s | %5s | %9s | %-6s |\n' "$@" | tee -a "$t/table"; }
# verdict VALUE BAR: held or missed, counted; nothing without a bar
verdict() {
    word=''
    [ -n "$2" ] || return 0
    if [ "$(calc %d "$1 <= $2")" = 1 ]; then word=held passed=$((passed + 1)); else word=missed failed=$((failed + 1)); fi
}
# ratio NAME OURS THEIRS UNIT BAR
ratio() {
    r=$(calc %.2f "$2 / $3")
    verdict "$r" "$5"
    write "$1" "$2 $4" "$3 $4" "$r" "${5:+≤ $5}" "$word"
}
# limit NAME FLOOR THEIRS UNIT: what of the rows above is the kernel's: a ratio below this one no program reaches on this machine
limit() { write "$1" "($2 $4)" "$3 $4" "($(calc %.2f "$2 / $3"))" "" ""; }
# count NAME OURS THEIRS BAR: instructions; THEIRS may be empty
count() {
    verdict "$2" "$4"
    write "$1" "$(number "$2")" "${3:+$(number "$3")}" "${3:+$(calc %.2f "$2 / ${3:-1}")}" "${4:+≤ $(number "$4")}" "$word"
}
short() { calc "$1" "$(of "$2")"; }
time_rows() {
    ratio "plain call over socket, CPU" "$(short %.2f plain.socket)" "$(short %.2f plain.raw)" µs 0.50
    ratio "plain call over libcurl, CPU" "$(short %.2f plain.curl)" "$(short %.2f plain.raw)" µs 1.10
    limit "plain call, the machine's limit: raw sockets" "$(short %.2f plain.floor)" "$(short %.2f plain.raw)" µs
    ratio "streamed event over socket, CPU" "$(short %.3f event.socket)" "$(short %.3f event.raw)" µs 0.60
    ratio "streamed event over libcurl, CPU" "$(short %.3f event.curl)" "$(short %.3f event.raw)" µs 1.10
    limit "streamed event, the machine's limit: raw sockets" "$(short %.3f event.floor)" "$(short %.3f event.raw)" µs
    ratio "embeddings, 100 of 1,536 as JSON, over socket, CPU" "$(calc %.2f "$(of embed.socket) / 1000")" "$(calc %.2f "$(of embed.raw) / 1000")" ms 1.00
    ratio "the same over libcurl" "$(calc %.2f "$(of embed.curl) / 1000")" "$(calc %.2f "$(of embed.raw) / 1000")" ms 1.00
    ratio "the same as base64, over libcurl" "$(calc %.2f "$(of embed64.curl) / 1000")" "$(calc %.2f "$(of embed.raw) / 1000")" ms 0.15
    ratio "1,000 paced streams of 40 events, CPU a stream" "$(calc %.3f "$(of paced.socket) / 1000")" "$(calc %.3f "$(of paced.raw) / 1000")" ms 0.80
    block=$(field block <"$t/paced.socket.line") used=$(field high_water <"$t/paced.socket.line")
    rss=$(calc %.1f "$(field rss_kb <"$t/paced.socket.line") / 1024") theirs=$(calc %.1f "$(field rss_kb <"$t/paced.raw.line") / 1024")
    verdict "$rss" 10
    write "the same, RSS, built with LLMF_NO_CURL=1 (the block has $(calc %.1f "$block / 1048576") MB, of which $(calc %.1f "$used / 1048576") are used)" "$rss MB" "$theirs MB" "$(calc %.2f "$rss / $theirs")" "≤ 10 MB" "$word"
}
tls_rows() {
    ratio "plain call on a kept TLS connection, BearSSL, CPU" "$(short %.2f tls.socket)" "$(short %.2f tls.raw)" µs 0.60
    ratio "plain call on a new TLS connection, BearSSL, CPU" "$(calc %.3f "$(of fresh.socket) / 1000")" "$(calc %.3f "$(of fresh.raw) / 1000")" ms 0.15
    ratio "the same, resumed, beside libcurl's as Debian has it" "$(calc %.3f "$(of again.socket) / 1000")" "$(calc %.3f "$(of fresh.raw) / 1000")" ms 0.02
    rss=$(calc %.1f "$(field rss_kb <"$t/tlspaced.socket.line") / 1024")
    verdict "$rss" 16
    write "1,000 paced streams over TLS, BearSSL, RSS (the block has $(calc %.1f "$(field block <"$t/tlspaced.socket.line") / 1048576") MB)" "$rss MB" "" "" "≤ 16 MB" "$word"
}
handle_rows() {
    # shellcheck disable=SC2086
    line=$($pin $B/bench_handle "$rounds") || die "bench_handle failed"
    ratio "handle by name / a C hash look-up of the same key" "$(echo "$line" | field get)" "$(echo "$line" | field hash)" ns 1.50
    ratio "the last handle again / the same" "$(echo "$line" | field again)" "$(echo "$line" | field same)" ns ""
}
count_rows() {
    if [ $tool = none ]; then
        skipped=$((skipped + 3))
        echo "(no instructions counted: neither perf nor valgrind works here, or INSTRUCTIONS=0)"
        return
    fi
    raw=$(per_call c_multi $plain/v1 plain 100 400)
    count "plain call over socket, instructions" "$(BENCH_TRANSPORT=socket per_call bench_llmf $plain/v1 plain 100 400)" "$raw" 30000
    count "plain call over libcurl, instructions" "$(BENCH_TRANSPORT=curl per_call bench_llmf $plain/v1 plain 100 400)" "$raw" ""
    bare_call=$(BENCH_TRANSPORT=socket per_call bench_bare $plain/v1 plain 100 400)
    ratio "plain call with retries, limits, budgets, metrics / without" "$(BENCH_TRANSPORT=socket per_call bench_socket $plain/v1 plain 100 400)" "$bare_call" instr. 1.10
    raw=$(per_event c_multi)
    count "streamed event over socket, instructions" "$(BENCH_TRANSPORT=socket per_event bench_llmf)" "$raw" 3000
    count "streamed event over libcurl, instructions" "$(BENCH_TRANSPORT=curl per_event bench_llmf)" "$raw" ""
    export BENCH_CA=$B/certs/bundle.pem BENCH_FRESH=full BENCH_TRANSPORT=curl
    count "fresh TLS connection over libcurl, full handshake" "$(per_call bench_llmf "$full" plain 5 15)" "$(per_call c_multi "$full" plain 1 2)" 8000000
    count "fresh TLS connection over libcurl, resumed" "$(per_call bench_llmf "$resumed" plain 5 15)" "" ""
    unset BENCH_CA BENCH_FRESH BENCH_TRANSPORT
    if command -v valgrind >/dev/null 2>&1; then
        count "BearSSL, full handshake in slices: the largest llmf_poll, RSA-2048" "$(largest_poll "$full" certs)" "" 11000000
        count "the same, P-256" "$(largest_poll "$curves" certs-ec)" "" 11000000
    fi
    count "handle by name, instructions" "$(per_look_up get)" "$(per_look_up hash)" ""
    count "the last handle again, instructions" "$(per_look_up again)" "$(per_look_up same)" ""
}
curl_version=$(curl-config --version 2>/dev/null || pkg-config --modversion libcurl 2>/dev/null || echo libcurl)
machine() {
    cat <<TEXT
Each figure beside that of a plain C program on raw libcurl (multi interface, $curl_version) and simdjson that does the same, in the same run: client CPU
(user and system), medians of $rounds rounds taken in turn, server on loopback, both pinned to one CPU; instructions by $tool. The TLS server is OpenSSL's, the roots
are a bundle of the system's size, and each call has a connection of its own; the program beside it has libcurl as Debian sets it.
Machine: $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) CPUs, Linux $(uname -r), $($CC --version | head -n 1), -O2.

TEXT
}
machine >"$t/text"
cat "$t/text"
all_times
write "work" "llmfactory" "plain program" "ratio" "bar" ""
printf '|---|---:|---:|---:|---:|---|\n' | tee -a "$t/table"
time_rows
tls_rows
handle_rows
count_rows

if [ "${UPDATE_README:-0}" = 1 ]; then
    awk -v text="$t/text" -v table="$t/table" '
        /^<!-- bench: begin -->/ { print; print "## Speed\n"; while ((getline line < text) > 0) print line; while ((getline line < table) > 0) print line; inside = 1; next }
        /^<!-- bench: end -->/ { inside = 0; print "" }
        !inside { print }' README.md >"$t/readme" && cat "$t/readme" >README.md
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
