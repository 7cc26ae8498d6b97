#!/bin/sh
# docs/config.schema.json is what the table of keys gives, a schema in an independent validator's eyes, and of one mind with the library about the corpus.
# The validator (ajv) and another YAML reader come from the npm registry, in the versions of package-lock.json; without node or a registry that part is skipped.
. tests/lib.sh
CC=${CC:-cc}
B=build
mkdir -p $B/npm
ok "schema.c compiles" $CC -std=c99 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wundef -Wstrict-prototypes -Werror -O0 -o $B/schema tools/schema.c
ok "docs/config.schema.json is what the table of keys gives" $B/schema --check docs/config.schema.json
ok "a change is found" sh -c "sed 's/max_tokens/max_token/' docs/config.schema.json >'$t/other.json' && ! $B/schema --check '$t/other.json'"
ok "and its mend told" sh -c "$B/schema --check '$t/other.json' 2>&1 | grep -q 'run: make schema'"
ok "what says what a key is for is in no library" sh -c "printf '#define LLMFACTORY_IMPLEMENTATION\n#include \"llmfactory.h\"\n' | $CC -std=gnu99 -E -I. -x c - >'$t/lib.i' && ! grep -q 'until the first content comes' '$t/lib.i'"
command -v node >/dev/null 2>&1 && command -v npm >/dev/null 2>&1 || { skip "ajv: no node and npm"; total; exit; }
if ! cmp -s tests/config/package-lock.json $B/npm/installed; then
    cp tests/config/package.json tests/config/package-lock.json $B/npm/
    (cd $B/npm && timeout 120 npm ci --silent --no-audit --no-fund) >"$t/npm" 2>&1 && cp tests/config/package-lock.json $B/npm/installed
fi
[ -f $B/npm/installed ] || { skip "ajv: npm could not install it"; total; exit; }
corpus=$B/tests/corpus
[ -x $corpus ] || { corpus=$t/corpus; ok "corpus.c compiles" $CC -std=gnu99 -O0 -I. -o "$corpus" tests/engine/corpus.c -lm; }
mkdir "$t/cases"
ok "the corpus is written out" "$corpus" --write "$t/cases"
if NODE_PATH=$B/npm/node_modules node tests/config/schema.cjs docs/config.schema.json "$t/cases" tests/config/corpus.txt >"$t/ajv" 2>&1; then
    passed=$((passed + $(awk 'END { print $1 }' "$t/ajv")))
else
    failed=$((failed + 1))
    head -n 20 "$t/ajv"
fi
total
