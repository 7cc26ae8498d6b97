# For shell tests: ok NAME COMMAND..., and the loopback server. Sourced.
passed=0 failed=0 skipped=0
t=$(mktemp -d) || exit 1
server_pid=''
# gcc looks each line up again for its warning of misleading indentation: four seconds more a compile of the product. Where that is compiled again and again it is left to clang.
quick=-Wno-misleading-indentation
export quick
finish() {
    [ -n "$server_pid" ] && kill "$server_pid" 2>/dev/null
    rm -rf "$t"
}
trap finish EXIT

# ok NAME COMMAND...: the command must succeed
ok() {
    name=$1
    shift
    if "$@" >"$t/out" 2>&1; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED: $name: $*"
        head -n 20 "$t/out" | sed 's/^/    /'
    fi
}

# silent NAME COMMAND...: it must succeed and print nothing
silent() {
    name=$1
    shift
    if "$@" >"$t/out" 2>&1 && [ ! -s "$t/out" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED: $name: $*"
        head -n 20 "$t/out" | sed 's/^/    /'
    fi
}

skip() {
    skipped=$((skipped + 1))
    echo "skipped: $1"
}

# start_server: sets $base to its URL
start_server() {
    mkfifo "$t/ready"
    ${LLMF_LOOPBACK:-build/loopback} --port 0 --max-seconds 300 "$@" >"$t/ready" &
    server_pid=$!
    read -r word port tls_port <"$t/ready"
    base="http://127.0.0.1:$port"
}

total() {
    echo "$passed passed, $failed failed, $skipped skipped"
    [ "$failed" -eq 0 ]
}
