#!/bin/sh
# What a program carries of us that chats, streams and calls tools: .text + .rodata + .data (with .data.rel.ro), as linked with -Os and the sections that
# nobody uses collected; what a program that does nothing has is taken off. Libraries are linked dynamically and not counted.
. tests/lib.sh
CC=${CC:-cc}
OS='-std=gnu99 -Os -ffunction-sections -fdata-sections -Wl,--gc-sections'
cat >"$t/a.c" <<'C'
#define LLMFACTORY_IMPLEMENTATION
#include "llmfactory.h"
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
total
