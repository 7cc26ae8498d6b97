#!/bin/sh
# Builds and runs all tests; the last line is their sum. `run.sh san`: the C tests under ASan+UBSan; `run.sh fuzz`: the fuzz targets for FUZZ_SECONDS each.
# A test program prints its own counts as its last line ("N passed, N failed, N skipped") or in cmocka's form; a program that ends badly without
# saying so counts as one failure. Everything it prints is kept in build/log.
set -u
mode=${1:-check}
CC=${CC:-cc}
STRICT='-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wundef -Wstrict-prototypes'
B=build
log=$B/log
mkdir -p $B/tests $log
export LLMF_SHARED="${LLMF_SHARED:-../shared}" LLMF_LOOPBACK="${LLMF_LOOPBACK:-$B/loopback}"
passed=0 failed=0 skipped=0
unset OPENAI_API_KEY ANTHROPIC_API_KEY LLM_PROVIDER LLM_PRIMARY_PROVIDER LLM_FALLBACK_PROVIDERS
unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_BEARER_TOKEN_BEDROCK AWS_PROFILE AWS_CONFIG_FILE AWS_SHARED_CREDENTIALS_FILE
unset AWS_ENDPOINT_URL AWS_ENDPOINT_URL_S3 AWS_ENDPOINT_URL_SSM AWS_ENDPOINT_URL_SECRETS_MANAGER AWS_REGION AWS_DEFAULT_REGION
unset AWS_CONTAINER_CREDENTIALS_RELATIVE_URI AWS_CONTAINER_CREDENTIALS_FULL_URI AWS_EC2_METADATA_SERVICE_ENDPOINT
export AWS_EC2_METADATA_DISABLED=true

# run NAME SECONDS COMMAND...
run() {
    start "$@"
    tell "$1" "$2"
}
start() {
    name=$1 seconds=$2
    shift 2
    timeout "$seconds" "$@" >"$log/$name.txt" 2>&1 </dev/null
    echo $? >"$log/$name.status"
}
tell() { # NAME SECONDS
    name=$1 seconds=$2 status=$(cat "$log/$1.status")
    # shellcheck disable=SC2046
    set -- $(awk -f tests/counts.awk "$log/$name.txt")
    p=$1 f=$2 s=$3
    if [ "$status" -ne 0 ] && [ "$f" -eq 0 ]; then f=1; fi
    if [ $((p + f + s)) -eq 0 ]; then f=1; echo "(no result was printed)" >>"$log/$name.txt"; fi
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
    printf '%-28s %5d passed %3d failed %3d skipped\n' "$name" "$p" "$f" "$s"
    if [ "$f" -ne 0 ]; then
        [ "$status" -eq 124 ] && failure "took longer than $seconds s"
        failure "$f failed, all of it in $log/$name.txt"
        grep -nE 'FAILED|ERROR|error:|Error|wrong|AddressSanitizer|LeakSanitizer|runtime error' "$log/$name.txt" | head -n 12 | failure
    fi
}

# failure TEXT, or lines of the standard input: said where it happens and once more at the end, so that the last page of a long log names it.
: >"$log/failures.txt"
failure() {
    if [ $# -ne 0 ]; then echo "$1"; else cat; fi | sed "s/^/    $name: /" | tee -a "$log/failures.txt"
}

# together: NAME SECONDS COMMAND... a line, from the standard input: those that do not mind company, as many at a time as there are processors.
processors=$(nproc 2>/dev/null || echo 1)
together() {
    rm -rf "$log/taken"
    mkdir "$log/taken"
    cat >"$log/queue"
    for _ in $(seq "$processors"); do take & done
    wait
    while read -r name seconds command; do tell "$name" "$seconds"; done <"$log/queue"
}
take() { # the next that nobody has
    while read -r name seconds command; do
        # shellcheck disable=SC2086
        mkdir "$log/taken/$name" 2>/dev/null && start "$name" "$seconds" $command
    done <"$log/queue"
}

not_built() {
    failed=$((failed + 1))
    failure 'does not build:'
    grep -E 'error|undefined' "$log/build-$name.txt" | head -n 5 | failure
    return 1
}

# build NAME COMPILER-LINE...: a failed build is one failure.
build() {
    name=$1
    shift
    "$@" >"$log/build-$name.txt" 2>&1 || not_built
}

# each FUNCTION FILES...: calls it for every file, as many at a time as there are processors. What it has to say it leaves in files.
each() {
    function=$1 running=0
    shift
    for src in "$@"; do
        name=$(basename "$src" .c)
        "$function" &
        running=$((running + 1))
        [ $((running % processors)) -eq 0 ] && wait
    done
    wait
}

level=-O1
compile() {
    rm -f "$B/tests/$name"
    case $name in cuts | faults | slices | tls | transcripts | sim) at=-O1 ;; *) at=$level ;; esac
    case $name in tls) also='-lbearssl -lssl -lcrypto' ;; plugins) also=-ldl ;; *) also='' ;; esac
    # shellcheck disable=SC2086
    $compiler $at -I. -o "$B/tests/$name" "$src" $libraries $also >"$log/build-$name.txt" 2>&1
}

built() {
    [ -x "$B/tests/$name" ] || not_built
}

c_tests() { # COMPILER FLAGS...
    compiler="$* -std=c99 -Wall -Wextra -Werror=unused-function -g" libraries='-lcmocka -lcurl -lm -lpthread'
    each compile tests/unit/test_*.c tests/engine/*.c tests/sim/*.c
    for src in tests/unit/test_*.c tests/engine/*.c tests/sim/*.c; do
        name=$(basename "$src" .c)
        seconds=300
        built || continue
        [ "$mode" = san ] && seconds=900
        run "$name" $seconds "$B/tests/$name"
    done
}

fuzz() {
    mkdir -p "$B/fuzz/$name"
    rm -f "$B/fuzz/$name.good"
    compile && "$B/tests/$name" -max_total_time="$fuzz_seconds" -timeout=10 -rss_limit_mb=2048 -artifact_prefix="$B/fuzz/" -print_final_stats=1 "$B/fuzz/$name" \
        >"$log/$name.txt" 2>&1 && touch "$B/fuzz/$name.good"
}

fuzz_targets() { # seconds
    compiler='clang -std=c99 -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all' libraries=-lm fuzz_seconds=$1
    each fuzz tests/fuzz/fuzz_*.c
    for src in tests/fuzz/fuzz_*.c; do
        name=$(basename "$src" .c)
        built || continue
        if [ -f "$B/fuzz/$name.good" ]; then
            passed=$((passed + 1))
            printf '%-28s %s\n' "$name" "$(awk '/number_of_executed_units/ { print $2 " inputs, no finding" }' "$log/$name.txt")"
        else
            failed=$((failed + 1))
            failure "a finding, see $log/$name.txt"
        fi
    done
}

total() {
    if [ -s "$log/failures.txt" ]; then echo 'What failed:' && cat "$log/failures.txt"; fi
    echo "$passed passed, $failed failed, $skipped skipped"
    [ $failed -eq 0 ]
    exit $?
}

if [ "$mode" = fuzz ]; then
    fuzz_targets "${FUZZ_SECONDS:-600}"
    total
fi

build amalgamate $CC -std=c99 $STRICT -O1 -o $B/amalgamate tools/amalgamate.c
build loopback make -s $B/loopback
if [ "$mode" = san ]; then
    export ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1
    c_tests "$CC" -O1 -fsanitize=address,undefined -fno-sanitize-recover=all
    total
fi

build llmf $CC -std=c99 $STRICT -Werror -O2 -g -o $B/llmf tools/llmf.c -lcurl
level=-O0 # most tests take longer to compile than to run, and clang does that in a third of the time
quick=$CC
command -v clang >/dev/null 2>&1 && quick=clang
c_tests "$quick"
level=-O1
together <<QUEUE
product 1200 sh tests/product.sh
alone 900 sh tests/alone.sh
size 900 sh tests/size.sh check
freestanding 900 sh tests/freestanding.sh
examples 600 sh tests/examples.sh
apps 600 sh tests/apps.sh
blns 900 python3 tests/corpora/blns.py
adding 300 sh tests/adding.sh
schema 300 sh tests/config/schema.sh
config-cost 120 sh tests/config/cost.sh
plugin 300 sh tests/plugin.sh
cli 600 sh tests/cli.sh
metrics-promtool 300 sh tests/metrics.sh
device 600 sh tests/device.sh
game 300 sh tests/game.sh
loopback 300 sh tests/loopback/selftest.sh
request-fields 60 env LLMF=$B/llmf python3 tests/traffic/test_requests.py
reader 60 python3 tests/traffic/test_reader.py
models 60 python3 tests/tools/test_models.py
aws-server 120 python3 tests/aws/test_server.py
aws-story 120 sh tests/aws/story.sh
QUEUE
run traffic-tokens 120 python3 tests/traffic/tokens.py --llmf $B/llmf --shared "$LLMF_SHARED"
run minimal 900 sh tests/minimal.sh
run requests 400 python3 tests/traffic/requests.py --llmf $B/llmf --shared "$LLMF_SHARED"
run op-requests 120 python3 tests/traffic/operations.py --llmf $B/llmf --shared "$LLMF_SHARED"
run traffic 900 python3 tests/traffic/compare.py --llmf $B/llmf --shared "$LLMF_SHARED" --chunk each --random 20
run traffic-variants 600 python3 tests/traffic/variants.py --llmf $B/llmf --shared "$LLMF_SHARED"
run traffic-cuts 600 python3 tests/traffic/compare.py --llmf $B/llmf --shared "$LLMF_SHARED" --cuts 40
level=-O0 # an optimised one takes a minute to compile; `make fuzz` has those
fuzz_targets 4
total
