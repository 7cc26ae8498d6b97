#!/bin/sh
# Bytes of text, rodata and data of ours: a program that chats, streams and calls tools, per provider and transport; -Os, sections collected.
. tests/lib.sh
CC=${CC:-cc}
cat >"$t/a.c" <<'C'
#define LLMFACTORY_IMPLEMENTATION
#include "llmfactory.h"
int main(int argc, char **argv) {
    llmf_desc d = {0};
    llmf_error err;
    llmf_factory *f = llmf_open(&d, &err);
    llmf_tool tool = {0};
    llmf_request req = {0};
    llmf_event ev;
    llmf_call c;
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
sed 's/#define LLMFACTORY_IMPLEMENTATION//; s/int main.*/int main(void) {/; /^    /d; s/^}$/return 0;}/' "$t/a.c" >"$t/none.c"
printf 'int main(void) { return 0; }\n' >"$t/none.c"
bytes() { # flags: .text + .rodata + .data of ours
    # shellcheck disable=SC2086
    $CC -std=gnu99 -Os -ffunction-sections -fdata-sections -Wl,--gc-sections -I. $* -o "$t/a" "$t/a.c" -lcurl 2>"$t/err" || { cat "$t/err" >&2; return 1; }
    $CC -std=gnu99 -Os -ffunction-sections -fdata-sections -Wl,--gc-sections -o "$t/none" "$t/none.c" -lcurl
    size -A "$t/a" "$t/none" | awk '$1 == ".text" || $1 == ".rodata" || $1 == ".data" || $1 == ".data.rel.ro" { n[file] += $2 } /:$/ { file++ } END { print n[1] - n[2] }'
}
row() { # NAME LIMIT flags
    name=$1 limit=$2
    shift 2
    n=$(bytes "$@") || { failed=$((failed + 1)); return; }
    printf '| %-46s | %7d |\n' "$name" "$n"
    if [ "$limit" -eq 0 ] || [ "$n" -lt "$limit" ]; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "FAILED: $name: $n bytes, the limit is $limit"; fi
}
one='-DLLMF_ONLY=1'
row "openai, sockets, no table, JSON config" 0 $one -DLLMF_WITH_OPENAI=1 -DLLMF_WITH_SOCKET=1
row "openai, sockets (chat, stream, tools)" 61440 $one -DLLMF_WITH_OPENAI=1 -DLLMF_WITH_SOCKET=1 -DLLMF_WITH_ENV=1
row "openai, curl" 0 $one -DLLMF_WITH_OPENAI=1 -DLLMF_WITH_CURL=1 -DLLMF_WITH_ENV=1
row "anthropic, sockets" 0 $one -DLLMF_WITH_ANTHROPIC=1 -DLLMF_WITH_SOCKET=1 -DLLMF_WITH_ENV=1
row "ollama, sockets" 0 $one -DLLMF_WITH_OLLAMA=1 -DLLMF_WITH_SOCKET=1 -DLLMF_WITH_ENV=1
row "everything but the table of models" 0 -DLLMF_NO_MODELS=1
row "everything" 0
total
