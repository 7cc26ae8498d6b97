#!/bin/bash
# baseline.sh [BUILD-DIR] - what the plainest programs cost on this machine: instructions and CPU time of raw sockets and of libcurl,
# each with simdjson, against the load server on loopback. Client and server are pinned to one CPU (two CPUs add noise).
#   ROUNDS=5  rounds taken in turn; the table has the medians       ONLY=build  build and stop
#   CURL_TLS=0 leaves TLS out       INSTRUCTIONS=0 leaves the counting out (about a minute under valgrind)
# Counts are the difference of two run lengths, so that start-up falls out: perf stat where it works, else valgrind's callgrind.
set -eu
export LC_ALL=C
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here/../../build/bench}
rounds=${ROUNDS:-5}
mkdir -p "$out"
out=$(cd "$out" && pwd)

build() {
    local warn="-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wundef -Wstrict-prototypes"
    ${CC:-cc} -std=c99 -O2 $warn -DLS_TLS -o "$out/loadserver" "$here/loadserver.c" -lssl -lcrypto
    ${CXX:-c++} -std=c++17 -O3 -DNDEBUG -Wall -Wextra -c -o "$out/work_simdjson.o" "$here/work_simdjson.cpp"
    local p
    for p in c_easy c_multi floor; do
        ${CC:-cc} -std=c99 -O2 $warn -c -o "$out/$p.o" "$here/$p.c"
        ${CXX:-c++} -o "$out/$p" "$out/$p.o" "$out/work_simdjson.o" -lcurl -lsimdjson -ldl
    done
}
build
[ "${ONLY:-}" != build ] || exit 0
KEYS=rsa "$here/../loopback/certs.sh" "$out/certs"

taskset -c 0 "$out/loadserver" -p 0 -T 0 -C "$out/certs/server.pem" -K "$out/certs/server.key" -l 900 >"$out/ready" 2>"$out/server.log" &
server=$!
trap 'kill $server 2>/dev/null || true' EXIT
for _ in $(seq 100); do [ -s "$out/ready" ] && break; sleep 0.05; done
read -r _ port tls_port <"$out/ready"
plain=http://127.0.0.1:$port
tls=https://127.0.0.1:$tls_port

# field NAME LINE: a number of a client's result line
field() { sed -n "s/.*\"$1\":\([-0-9.]*\).*/\1/p" <<<"$2"; }
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
# cpu PROGRAM BASE MODE N CONC WARM: client CPU in us a call, from its own result line; fails if the client counted an error
cpu() {
    local line
    line=$(taskset -c 0 "$out/$1" "${@:2}") || { echo "baseline.sh: $* failed: $line" >&2; exit 1; }
    awk -v u="$(field user_us "$line")" -v s="$(field sys_us "$line")" -v n="$4" 'BEGIN { printf "%.3f\n", (u + s) / n }'
}
if perf stat -e instructions:u true 2>&1 | grep -q '[0-9] *instructions:u'; then tool=perf; else tool=callgrind; fi
# instructions PROGRAM BASE MODE N CONC WARM: of the whole run
instructions() {
    if [ $tool = perf ]; then
        taskset -c 0 perf stat -x, -e instructions:u "$out/$1" "${@:2}" 2>&1 >/dev/null | awk -F, '/instructions/ { print $1 }'
    else
        taskset -c 0 valgrind --tool=callgrind --callgrind-out-file=/dev/null "$out/$1" "${@:2}" 2>&1 >/dev/null | awk '/Collected/ { print $NF }'
    fi
}
# a call: the difference of two lengths; LO and HI are numbers of calls
per_call() {
    local lo hi
    lo=$(instructions "$1" "$2" "$3" "$5" "$4" 2) hi=$(instructions "$1" "$2" "$3" "$6" "$4" 2)
    echo $(((hi - lo) / ($6 - $5)))
}
row() { printf '%-46s %14s %14s %14s\n' "$@"; }
count_rows() {
    local name program conc a b c
    row "instructions ($tool)" "plain call" "stream of 100" "an event"
    while read -r name program conc; do
        a=$(FLOOR=${name#floor-} per_call $program $plain/v1 plain "$conc" 100 400)
        b=$(FLOOR=${name#floor-} per_call $program $plain/n100/v1 stream "$conc" 30 90)
        c=$(FLOOR=${name#floor-} per_call $program $plain/n400/v1 stream "$conc" 30 90)
        row "$name" "$a" "$b" $(((c - b) / 300))
    done <<'ROWS'
floor-scan floor 1
floor-json floor 1
curl-easy+simdjson c_easy 1
curl-multi+simdjson c_multi 1
curl-multi+simdjson,8-at-once c_multi 8
ROWS
}
count_tls() {
    export BENCH_CA=$out/certs/bundle.pem
    row "instructions over TLS ($tool)" "plain call" "" ""
    row "curl-easy, kept" "$(BENCH_CACACHE=1 per_call c_easy $tls/v1 plain 1 50 150)" "" ""
    row "curl-multi, kept" "$(BENCH_CACACHE=1 per_call c_multi $tls/v1 plain 1 50 150)" "" ""
    row "curl-easy, fresh, CA cache, full handshake" "$(BENCH_CACACHE=1 BENCH_FRESH=full per_call c_easy $tls/v1 plain 1 5 15)" "" ""
    row "curl-multi, fresh, CA cache, full handshake" "$(BENCH_CACACHE=1 BENCH_FRESH=full per_call c_multi $tls/v1 plain 1 5 15)" "" ""
    row "curl-easy, fresh, CA cache, resumed" "$(BENCH_CACACHE=1 BENCH_FRESH=resume per_call c_easy $tls/v1 plain 1 5 15)" "" ""
    row "curl-easy, fresh, as Debian has it" "$(BENCH_FRESH=full per_call c_easy $tls/v1 plain 1 2 4)" "" ""
    unset BENCH_CA
}
# time_row FILE NAME PROGRAM BASE MODE N CONC WARM: one more figure for the row NAME
time_row() { cpu "${@:3}" >>"$1/$2"; }
time_rows() {
    local t r f
    t=$(mktemp -d "$out/times.XXXXXX")
    for r in $(seq "$rounds"); do
        FLOOR=scan time_row "$t" "1 plain: floor-scan" floor $plain/v1 plain 8000 1 500
        FLOOR=json time_row "$t" "2 plain: floor-json" floor $plain/v1 plain 8000 1 500
        time_row "$t" "3 plain: curl-easy" c_easy $plain/v1 plain 4000 1 500
        time_row "$t" "4 plain: curl-multi" c_multi $plain/v1 plain 4000 1 500
        FLOOR=scan time_row "$t" "5 stream of 100: floor-scan" floor $plain/n100/v1 stream 2000 1 100
        FLOOR=json time_row "$t" "6 stream of 100: floor-json" floor $plain/n100/v1 stream 2000 1 100
        time_row "$t" "7 stream of 100: curl-easy" c_easy $plain/n100/v1 stream 1000 1 100
        time_row "$t" "8 stream of 100: curl-multi" c_multi $plain/n100/v1 stream 1000 1 100
        [ "${CURL_TLS:-1}" = 0 ] && continue
        BENCH_CA=$out/certs/bundle.pem BENCH_CACACHE=1 time_row "$t" "9 plain over kept TLS: curl-easy" c_easy $tls/v1 plain 2000 1 200
        BENCH_CA=$out/certs/bundle.pem BENCH_CACACHE=1 BENCH_FRESH=full time_row "$t" "9 plain over fresh TLS: curl-easy, CA cache" c_easy $tls/v1 plain 100 1 5
    done
    row "client CPU, median of $rounds rounds" "us a call" "us an event" "to curl-easy"
    local easy_plain easy_stream
    easy_plain=$(median <"$t/3 plain: curl-easy") easy_stream=$(median <"$t/7 stream of 100: curl-easy")
    for f in "$t"/*; do
        local name=${f##*/} m; m=$(median <"$f")
        case $name in
        *stream*) row "${name#* }" "$m" "$(awk -v m="$m" 'BEGIN { printf "%.3f", m / 100 }')" "$(awk -v a="$m" -v b="$easy_stream" 'BEGIN { printf "%.2f", a / b }')" ;;
        *) row "${name#* }" "$m" "" "$(awk -v a="$m" -v b="$easy_plain" 'BEGIN { printf "%.2f", a / b }')" ;;
        esac
    done
    rm -r "$t"
}
# paced_row NAME PROGRAM: 1,000 streams at once, 40 events 25 ms apart each
paced_row() {
    local line
    line=$(taskset -c 0 "$out/$2" $plain/n40/d25000/v1 stream 1000 1000 0) || { echo "baseline.sh: paced $1 failed: $line" >&2; exit 1; }
    row "$1" "$(awk -v u="$(field user_us "$line")" -v s="$(field sys_us "$line")" 'BEGIN { printf "%.3f", (u + s) / 1e6 }')" "$(field rss_kb "$line")" ""
}
more_rows() {
    row "embeddings, 100 of 1536 as JSON" "ms a call" "" ""
    row "floor-json" "$(cpu floor $plain/v1 embed 40 1 4 | awk '{ print $1 / 1000 }')" "" ""
    row "curl-easy" "$(cpu c_easy $plain/v1 embed 40 1 4 | awk '{ print $1 / 1000 }')" "" ""
    row "1,000 paced streams of 40 events" "ms a stream" "RSS KB" ""
    FLOOR=json paced_row "floor-json" floor
    paced_row "curl-multi" c_multi
}
echo "machine: $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) CPUs, $(curl-config --version 2>/dev/null || echo libcurl)"
if [ "${INSTRUCTIONS:-1}" != 0 ]; then count_rows; [ "${CURL_TLS:-1}" = 0 ] || count_tls; fi
time_rows
more_rows
