#!/bin/sh
# docs/ADDING-A-PROVIDER.md, followed to the letter in a copy of the tree: its invented host and its invented dialect answer, plainly and streamed.
# Each block goes where the line before it says; nothing here knows what is in them.
. tests/lib.sh
CC=${CC:-cc}
STRICT='-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wundef -Wstrict-prototypes -Werror'
mkdir "$t/tree"
cp -R docs examples providers src tests tools models.def Makefile "$t/tree/"
cd "$t/tree" || exit 1

# apply BLOCK FILE WHERE BEGINNING: WHERE is new, above or below (the first line that begins so, blanks left aside)
apply() {
    if [ "$3" = new ]; then
        [ ! -e "$2" ] && cp "$1" "$2"
        return
    fi
    awk -v block="$1" -v where="$3" -v beginning="$4" '
        function put() { while ((getline line < block) > 0) print line; done = 1 }
        { bare = $0; sub(/^[ \t]+/, "", bare); here = !done && index(bare, beginning) == 1 }
        here && where == "above" { put() }
        { print }
        here && where == "below" { put() }
        END { exit !done }' "$2" >"$t/applied" && cp "$t/applied" "$2"
}

# "NUMBER<TAB>FILE<TAB>WHERE<TAB>BEGINNING" of each block that has a place; the blocks themselves as files.
awk -v dir="$t" '
    /^\*\*`/ {
        split($0, part, "`")
        file = part[2]
        where = $0 ~ /a new file:$/ ? "new" : $0 ~ /above the line that begins/ ? "above" : $0 ~ /below the line that begins/ ? "below" : "?"
        beginning = substr($0, index($0, "begins `") + 8)
        sub(/`:$/, "", beginning)
        next
    }
    /^```/ && on { on = 0; file = ""; next }
    /^```/ { on = 1; if (file) { n++; printf "%d\t%s\t%s\t%s\n", n, file, where, where == "new" ? "-" : beginning } next }
    on && file { print > (dir "/block" n) }' docs/ADDING-A-PROVIDER.md >"$t/blocks"
tab=$(printf '\t')
while IFS=$tab read -r n file where beginning; do
    ok "block $n: $file, $where $beginning" apply "$t/block$n" "$file" "$where" "$beginning"
done <"$t/blocks"
[ "$(wc -l <"$t/blocks")" -ge 15 ] && passed=$((passed + 1)) || { failed=$((failed + 1)); echo "FAILED: the document has few blocks"; }

# Built as the document says.
mkdir -p build
ok "the amalgamator" $CC -std=c99 -O1 -o build/amalgamate tools/amalgamate.c
ok "make product: options" build/amalgamate --options models.def src/provider_options.h
ok "make product: header" build/amalgamate src/product.h llmfactory.h
# shellcheck disable=SC2086
{
    silent "llmf builds strictly" $CC -std=c99 $STRICT -o build/llmf tools/llmf.c -lcurl
    printf '#define LLMFACTORY_IMPLEMENTATION\n#include "llmfactory.h"\nint main(void) { return 0; }\n' >build/impl.c
    silent "left out" $CC -std=c99 $STRICT -DLLMF_NO_PARROT=1 -DLLMF_NO_AVIARY=1 -I. -fsyntax-only build/impl.c
    silent "the dialect alone" $CC -std=c99 $STRICT -DLLMF_ONLY=1 -DLLMF_WITH_PARROT=1 -DLLMF_WITH_SOCKET=1 -DLLMF_WITH_LIST=1 -I. -fsyntax-only build/impl.c
    silent "the host alone" $CC -std=c99 $STRICT -DLLMF_ONLY=1 -DLLMF_WITH_AVIARY=1 -DLLMF_WITH_CURL=1 -I. -fsyntax-only build/impl.c
    silent "the loopback server builds strictly" $CC -std=c99 $STRICT -D_GNU_SOURCE -o build/loopback tests/loopback/loopback.c
}
ok "register.c builds" $CC -std=gnu99 -Wall -Wextra -Werror -DLLMF_NO_CURL=1 -I. -o build/register examples/register.c
LLMF_LOOPBACK=build/loopback
start_server
[ "$word" = ready ] || { echo "FAILED: the loopback server did not start"; failed=$((failed + 1)); total; exit 1; }
export AVIARY_API_KEY=canary-aviary NEST_KEY=canary-nest PARROT_API_KEY=canary-parrot

# says PATTERN REQUEST LLMF-ARGUMENTS...: what llmf prints for the request holds the pattern
says() {
    pattern=$1 request=$2
    shift 2
    printf '%s' "$request" | build/llmf "$@" >"$t/said" 2>&1
    grep -qE "$pattern" "$t/said" && ! grep -q canary "$t/said" || { cat "$t/said"; return 1; }
}
host='{"model":"aviary:finch-1","prompt":"echo: a bird","max_tokens":50}'
ok "the host's request" says '"url":"https://api.aviary.example/v1/chat/completions".*"max_completion_tokens":50' "$host" request
ok "the host answers" says '"ok":true.*"text":"echo: a bird"' "$host" --base-url "$base/v1" call
ok "the host streams" says '"type":"done".*"text":"echo: a bird"' "$host" --base-url "$base/v1" call --stream
ok "the host by its alias embeds" says '"embeddings":\[\[' '' --base-url "$base/v1" embed -m bird_house:finch-embed one two
ok "the host of the config" says '"url":"https://nest.example/v1/chat/completions"' '{"model":"bird","prompt":"hi"}' --config aviary.yaml request
ok "the host of the config answers" says '"text":"echo: b".*"cost_usd"' '{"model":"bird","prompt":"echo: b"}' --config aviary.yaml --base-url "$base/v1" call
ok "the host of a program" sh -c "build/register '$base/v1' | grep -q 'from the nest'"
p='{"model":"parrot:grey-1","system":"s","prompt":"echo: pretty bird"}'
ok "the dialect's request" says '"url":"https://api.parrot.example/v1/say".*"say":\[\{"who":"owner","words":"s"\},\{"who":"guest"' "$p" request
ok "the dialect answers" says '"ok":true.*"text":"echo: pretty bird".*"finish_reason":"stop".*"input_tokens":[1-9]' "$p" --base-url "$base" call
ok "the dialect streams" says '"type":"done".*"text":"echo: pretty bird".*"output_tokens":[1-9]' "$p" --base-url "$base" call --stream
ok "its pieces come one by one" says '"type":"text"' "$p" --base-url "$base" call --stream
ok "its stream is cut" says '"type":"error".*"truncated"' "$p" --base-url "$base/x-cut-60" call --stream
ok "its error" says '"code":"rate_limit"' "$p" --base-url "$base/x-status-429" call
cat >build/list.c <<'C'
#define LLMFACTORY_IMPLEMENTATION
#include "llmfactory.h"
#include <stdio.h>
int main(int argc, char **argv) {
    llmf_factory *f = llmf_open(NULL, NULL);
    llmf_request req = {0};
    llmf_response r;
    size_t i;
    req.op = LLMF_OP_LIST_MODELS;
    llmf_generate(f, llmf_get(f, argv[argc - 1], NULL), &req, &r);
    for (i = 0; r.output && i < r.output->model_count; i++) printf("%.*s\n", (int)r.output->models[i].len, r.output->models[i].ptr);
    if (r.error.code) puts(r.error.text);
    llmf_close(f);
    return r.error.code;
}
C
ok "list.c builds" $CC -std=gnu99 -DLLMF_NO_CURL=1 -I. -o build/list build/list.c
ok "its models are listed" sh -c "PARROT_BASE_URL='$base' build/list parrot:grey-1 | tee /dev/stderr | grep -q '^macaw-2$'"
printf '%s\n' '{"id":"1","provider":"parrot","operation":"say","model":"grey-1","stream":false,"response":{"status":200,"headers":{},"body_text":"{\"words\":\"Ahoy\",\"why\":\"stop\",\"heard\":2,\"said\":1}"}}' \
    '{"id":"2","provider":"parrot","operation":"say","model":"grey-1","stream":true,"response":{"status":200,"headers":{},"body_text":"{\"words\":\"A\"}\n{\"words\":\"hoy\"}\n{\"why\":\"out of breath\"}\n"}}' >build/said.jsonl
for chunk in 1 1000; do
    ok "replayed by $chunk" says '"text":"Ahoy".*"finish_reason":"stop"' '' replay --chunk $chunk build/said.jsonl
    ok "replayed by $chunk, streamed" grep -qE '"text":"Ahoy".*"finish_reason":"length"' "$t/said"
done

# Its own tests, as run.sh would find them.
ok "its unit test builds" $CC -std=c99 -Wall -Wextra -g -I. -o build/test_parrot tests/unit/test_parrot.c -lcmocka -lm
ok "its unit test" build/test_parrot
ok "the transcripts build" $CC -std=c99 -Wall -Wextra -I. -o build/transcripts tests/engine/transcripts.c -lcmocka -lcurl -lm -lpthread
ok "its transcript" build/transcripts parrot-
if command -v clang >/dev/null 2>&1; then
    ok "its fuzz target builds" clang -std=c99 -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -I. -o build/fuzz_parrot tests/fuzz/fuzz_parrot.c -lm
    ok "its fuzz target" build/fuzz_parrot -runs=20000
else
    skip "clang: the fuzz target"
fi
total
