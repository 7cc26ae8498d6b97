#!/bin/sh
# selftest.sh [BUILD-DIR] - builds the loopback server with the sanitizers and with TLS, and drives it: each dialect, each behaviour.
# The last line is `N passed, N failed, N skipped`; the exit status is 0 when nothing failed.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here/../../build/selftest}
mkdir -p "$out"
if ! command -v python3 >/dev/null; then echo "selftest.sh: python3 is needed"; echo "0 passed, 0 failed, 1 skipped"; exit 0; fi
warn="-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wundef -Wstrict-prototypes"
san="-g -fsanitize=address,undefined -fno-sanitize-recover=all"
# shellcheck disable=SC2086
${CC:-cc} -std=c99 -O1 $warn $san -DLOOPBACK_TLS -o "$out/loopback-checked" "$here/loopback.c" -lssl -lcrypto
# shellcheck disable=SC2086
${CC:-cc} -std=c99 -O2 $warn -o "$out/loopback" "$here/loopback.c"
"$here/certs.sh" "$out/certs"
exec python3 "$here/selftest.py" "$out"
