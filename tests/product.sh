#!/bin/sh
# The product as users get it: up to date, silent in every compiler and standard, nothing exported that is not ours, small to include; and each code block
# of the README and the manual compiles.
. tests/lib.sh
STRICT='-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wundef -Wstrict-prototypes -Werror'
ok "the options are those of the table" build/amalgamate --check --options models.def src/provider_options.h
ok "llmfactory.h is what its parts give" build/amalgamate --check src/product.h llmfactory.h

printf '#define LLMFACTORY_IMPLEMENTATION\n#include "llmfactory.h"\nint main(void) { return 0; }\n' >"$t/impl.c"
cp "$t/impl.c" "$t/impl.cc"
for cc in gcc clang; do
    silent "$cc c99" $cc -std=c99 $STRICT -I. -c -o "$t/$cc.o" "$t/impl.c"
    silent "$cc c99 -O2" $cc -std=c99 -O2 $STRICT -I. -c -o "$t/$cc.o" "$t/impl.c"
    silent "$cc c17" $cc -std=c17 $STRICT -I. -fsyntax-only "$t/impl.c"
done
for cxx in g++ clang++; do
    silent "$cxx c++11" $cxx -std=c++11 -Wall -Wextra -Werror -I. -c -o "$t/$cxx.o" "$t/impl.cc"
    silent "$cxx c++17" $cxx -std=c++17 -Wall -Wextra -Werror -I. -fsyntax-only "$t/impl.cc"
done

# Two translation units, one with the implementation, the header included twice and the implementation second.
printf '#include "llmfactory.h"\n#include "llmfactory.h"\nint other(void);\nint other(void) { return llmf_result_name(0) != 0; }\n' >"$t/other.c"
printf '#include "llmfactory.h"\n#define LLMFACTORY_IMPLEMENTATION\n#include "llmfactory.h"\nint other(void);\nint main(void) { return !other(); }\n' >"$t/two.c"
ok "two translation units" gcc -std=gnu99 -Wall -Wextra -Werror $quick -I. -o "$t/two" "$t/two.c" "$t/other.c" -lcurl
ok "two translation units run" "$t/two"
cp "$t/other.c" "$t/other.cc"
cp "$t/two.c" "$t/two.cc"
ok "the same as C++" g++ -std=c++11 -Wall -Wextra -Werror -I. -o "$t/two++" "$t/two.cc" "$t/other.cc" -lcurl
printf '#define LLMF_STATIC 1\n#define LLMFACTORY_IMPLEMENTATION\n#include "llmfactory.h"\n' >"$t/static.c"
silent "LLMF_STATIC" gcc -std=c99 $STRICT $quick -I. -c -o "$t/static.o" "$t/static.c"
none() { nm -g --defined-only "$1" | grep -v "^$" | awk '{ print $3 }' | grep -vE "$2" | { ! grep .; }; }
ok "LLMF_STATIC exports nothing" none "$t/static.o" '^$'
ok "every exported name begins with llmf_" none "$t/gcc.o" '^(llmf_|main$)'
defines() { grep -hoE '^ *# *define +[A-Za-z_0-9]+' llmfactory.h | awk '{ print $NF }' | sort -u | grep -vE '^(LLMF_|LLMFI_|LLMFACTORY_|llmfi_|llmf_(out|reply|json)_|_DEFAULT_SOURCE$|_DARWIN_C_SOURCE$|CURL_DISABLE_TYPECHECK$)' | { ! grep .; }; }
ok "every macro is ours" defines
small() { n=$(printf '#include "llmfactory.h"\n' | gcc -std=c99 -E -I. -x c - | wc -l); echo "$n preprocessed lines"; [ "$n" -lt 1000 ]; }
ok "below 1,000 preprocessed lines without the implementation" small
small
! grep -nE "$(printf '\r')" llmfactory.h >/dev/null && passed=$((passed + 1)) || { failed=$((failed + 1)); echo "FAILED: CR in llmfactory.h"; }

# The program of the manual, and the C blocks of the README.
sed -n '/^   A COMPLETE PROGRAM/,/^     The key is read/p' llmfactory.h | sed '1d;$d' >"$t/manual.c"
ok "the manual's program compiles" gcc -std=c99 -Wall -Wextra -Werror $quick -I. -o "$t/manual" "$t/manual.c" -lcurl
awk -v dir="$t" '/^```c$/ { n++; on = 1; next } /^```$/ { on = 0 } on { print > (dir "/readme" n ".c") }' README.md
for block in "$t"/readme*.c; do
    ok "README block $(basename "$block" .c)" gcc -std=gnu99 -Wall -Wextra -Werror -Wno-unused-parameter $quick -I. -fsyntax-only "$block"
done
cp llmfactory.h "$t/"
cp examples/hello.c "$t/"
ok "hello.c with the header beside it" sh -c "cd '$t' && gcc hello.c -lcurl"

# What a build without this or that looks like.
for without in LLMF_NO_CURL LLMF_NO_SOCKET LLMF_NO_YAML LLMF_NO_FILES LLMF_NO_ENV LLMF_NO_MODELS LLMF_NO_STRINGS LLMF_NO_OPENAI LLMF_NO_OPENAI_RESPONSES LLMF_NO_ANTHROPIC LLMF_NO_OLLAMA LLMF_NO_MOCK LLMF_NO_COHERE LLMF_NO_AZURE LLMF_NO_BEDROCK \
    LLMF_NO_EPOLL "LLMF_NO_CURL=1 -DLLMF_NO_SOCKET" "LLMF_ONLY=1 -DLLMF_WITH_OPENAI" "LLMF_ONLY=1 -DLLMF_WITH_OPENAI_RESPONSES -DLLMF_WITH_CURL" "LLMF_ONLY=1 -DLLMF_WITH_ANTHROPIC" "LLMF_ONLY=1 -DLLMF_WITH_OLLAMA -DLLMF_WITH_SOCKET" \
    "LLMF_ONLY=1 -DLLMF_WITH_MOCK" "LLMF_ONLY=1 -DLLMF_WITH_GROQ -DLLMF_WITH_CURL" "LLMF_ONLY=1 -DLLMF_WITH_COHERE -DLLMF_WITH_SOCKET" "LLMF_ONLY=1 -DLLMF_WITH_AZURE -DLLMF_WITH_CURL" \
    "LLMF_ONLY=1 -DLLMF_WITH_HUGGINGFACE -DLLMF_WITH_CURL" "LLMF_ONLY=1 -DLLMF_WITH_BEDROCK -DLLMF_WITH_CURL" "LLMF_ONLY=1 -DLLMF_WITH_BEDROCK -DLLMF_WITH_CURL -DLLMF_WITH_ENV -DLLMF_WITH_CONFIG"; do
    # shellcheck disable=SC2086
    silent "-D$without=1" clang -std=c99 $STRICT -D$without=1 -I. -fsyntax-only "$t/impl.c"
done
# Each feature alone: left out of all, and alone beside a provider.
for feature in CONFIG SOURCES REGISTER MEDIA SCHEMA EXTRA STATE CITATIONS FAULTS REASONING INFO SLICES RETRY ROUTES PROMPTS STRUCTURED TOKENS BATCH JOBS SIMULATE FIT RUN BUDGETS METRICS CACHE FILTERS SAVE STRINGS REPLAY CUSTOM EMBED TRANSCRIBE COUNT LIST; do
    # shellcheck disable=SC2086
    {
        silent "-DLLMF_NO_$feature=1" clang -std=c99 $STRICT "-DLLMF_NO_$feature=1" -I. -fsyntax-only "$t/impl.c"
        silent "-DLLMF_WITH_$feature=1" gcc -std=c99 $STRICT $quick -DLLMF_ONLY=1 -DLLMF_WITH_OPENAI=1 "-DLLMF_WITH_$feature=1" -I. -fsyntax-only "$t/impl.c"
    }
done
# TLS of our own, plugins, MCP and look-ups in threads, which are off unless asked for; and what needs another feature.
for with in LLMF_WITH_BEARSSL "LLMF_WITH_BEARSSL=1 -DLLMF_WITH_ROOTS" "LLMF_WITH_BEARSSL=1 -DLLMF_NO_FILES" "LLMF_WITH_BEARSSL=1 -DLLMF_NO_STRINGS=1 -DLLMF_NO_CURL" \
    "LLMF_WITH_BEARSSL=1 -DLLMF_NO_CUSTOM=1 -DLLMF_NO_EPOLL" "LLMF_WITH_BEARSSL=1 -DLLMF_WITH_ROOTS=1 -DLLMF_ONLY=1 -DLLMF_WITH_SOCKET=1 -DLLMF_WITH_OPENAI" \
    LLMF_WITH_PLUGINS "LLMF_WITH_PLUGINS=1 -DLLMF_NO_STRINGS=1 -DLLMF_STATIC" "LLMF_WITH_PLUGINS=1 -DLLMF_ONLY=1 -DLLMF_WITH_CONFIG=1 -DLLMF_WITH_REGISTER=1 -DLLMF_WITH_FILES=1 -DLLMF_WITH_OPENAI" \
    "LLMF_ONLY=1 -DLLMF_WITH_OPENAI=1 -DLLMF_WITH_BATCH=1 -DLLMF_WITH_JOBS" "LLMF_ONLY=1 -DLLMF_WITH_GEMINI=1 -DLLMF_WITH_BATCH=1 -DLLMF_WITH_JOBS=1 -DLLMF_WITH_STRINGS" \
    LLMF_WITH_MCP "LLMF_WITH_MCP=1 -DLLMF_NO_STRINGS=1 -DLLMF_NO_CONFIG" "LLMF_WITH_MCP=1 -DLLMF_ONLY=1 -DLLMF_WITH_RUN=1 -DLLMF_WITH_SOCKET=1 -DLLMF_WITH_OPENAI" \
    LLMF_WITH_DNS_THREADS "LLMF_WITH_DNS_THREADS=1 -DLLMF_ONLY=1 -DLLMF_WITH_SOCKET=1 -DLLMF_WITH_OPENAI"; do
    for cc in gcc clang; do
        # shellcheck disable=SC2086
        silent "$cc -D$with=1" $cc -std=c99 $STRICT $quick -D$with=1 -I. -fsyntax-only "$t/impl.c"
    done
    # shellcheck disable=SC2086
    silent "g++ -D$with=1" g++ -std=c++11 -Wall -Wextra -Werror $quick -D$with=1 -I. -fsyntax-only "$t/impl.cc"
done
refused() { ! gcc -std=c99 "$@" -I. -fsyntax-only "$t/impl.c" 2>"$t/err" && grep -q '#error' "$t/err"; }
ok "MCP without runs is refused by a message" refused -DLLMF_WITH_MCP=1 -DLLMF_NO_RUN=1
ok "BearSSL without sockets is refused by a message" refused -DLLMF_WITH_BEARSSL=1 -DLLMF_NO_SOCKET=1
ok "roots without BearSSL are refused by a message" refused -DLLMF_WITH_ROOTS=1
ok "look-ups in threads without sockets are refused by a message" refused -DLLMF_WITH_DNS_THREADS=1 -DLLMF_NO_SOCKET=1
ok "nothing of plugins is in a build without them" sh -c "! nm '$t/gcc.o' | grep -E 'dlopen|dlsym|llmfi_plugin'"
ok "nothing of BearSSL is in a build without it" sh -c "! nm '$t/gcc.o' | grep -q br_"
# Without malloc and getaddrinfo: neither is called, and what is wanted instead is named.
without='-DLLMF_NO_MALLOC=1 -DLLMF_NO_GETADDRINFO=1'
lean='-DLLMF_ONLY=1 -DLLMF_WITH_OPENAI=1 -DLLMF_WITH_SOCKET=1 -DLLMF_WITH_STRINGS=1'
cat >"$t/without.c" <<'C'
#define LLMFACTORY_IMPLEMENTATION
#include "llmfactory.h"
#include <stdio.h>
int main(void) {
    static char block[65536];
    llmf_desc d = {0};
    llmf_error err;
    llmf_request req = {0};
    llmf_response r;
    llmf_factory *f = llmf_open(&d, &err);
    puts(f ? "it opened" : err.text);
    d.memory = block;
    d.memory_size = sizeof block;
    d.max_calls = d.max_models = d.max_connections = 1;
    d.base_url = "http://llm.test/v1";
    d.api_key = "k";
    f = llmf_open(&d, &err);
    req.prompt = "hi";
    llmf_generate(f, llmf_get(f, "openai:any", &err), &req, &r);
    puts(r.error.text);
    llmf_release(f, &r);
    llmf_close(f);
    return 0;
}
C
for one in $without; do silent "$one" gcc -std=c99 $STRICT $quick "$one" -I. -fsyntax-only "$t/impl.c"; done
# shellcheck disable=SC2086
{
    silent "clang $without" clang -std=c99 $STRICT $without -I. -fsyntax-only "$t/impl.c"
    silent "g++ $without" g++ -std=c++11 -Wall -Wextra -Werror $quick $without -I. -fsyntax-only "$t/impl.cc"
    ok "$without compiles" gcc -std=c99 $STRICT $quick $without $lean -I. -o "$t/without" "$t/without.c"
}
ok "neither malloc nor getaddrinfo is called" sh -c "! nm -u '$t/without' | grep -wE '(m|c|re)alloc|free|(get|free)addrinfo'"
ok "without malloc the block is asked for" sh -c "'$t/without' | sed -n 1p | grep -q 'llmf_desc.memory.*LLMF_NO_MALLOC'"
ok "without getaddrinfo addresses are" sh -c "'$t/without' | sed -n 2p | grep -q 'LLMF_NO_GETADDRINFO.*llmf_desc.resolve'"
# And a build with nothing else: what is there works, what is not says so.
for level in -O1 -Os; do
    ok "lean $level compiles" gcc -std=gnu99 -Wall -Wextra -Werror $quick $level -I. -DLLMF_ONLY=1 -DLLMF_WITH_OPENAI=1 -DLLMF_WITH_SOCKET=1 -DLLMF_WITH_ENV=1 -o "$t/lean$level" tests/lean.c
done
if [ -x "${LLMF_LOOPBACK:-build/loopback}" ]; then
    start_server
    for level in -O1 -Os; do ok "lean $level" "$t/lean$level" "$base/v1"; done
else
    skip "lean: build/loopback is not there"
fi
# shellcheck disable=SC2086
ok "no provider at all is refused by a message" sh -c "! gcc -std=c99 -DLLMF_ONLY=1 -I. -c -o '$t/opt.o' '$t/impl.c' 2>'$t/err' && grep -q '#error' '$t/err'"
total
