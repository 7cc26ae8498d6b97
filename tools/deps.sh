#!/bin/sh
# Sees to what a build (build), the tests (check), the microcontroller's example (device), the static one (minimal) or the tests of foreign targets (targets) need.
# Each thing is tried by using it; what is missing is installed by the system's package manager where that is possible, and named where it is not.
set -u
what=${1:-build}
CC=${CC:-cc}
t=$(mktemp -d) || exit 1
trap 'rm -rf "$t"' EXIT

compiles() { # header, flags...
    header=$1
    shift
    printf '#include <stdarg.h>\n#include <stddef.h>\n#include <stdint.h>\n#include <setjmp.h>\n#include <%s>\nint main(void){return 0;}\n' "$header" >"$t/a.c"
    $CC -o "$t/a" "$t/a.c" "$@" >/dev/null 2>&1
}
compiles_cc() {
    header=$1
    shift
    printf '#include <%s>\nint main(){return 0;}\n' "$header" >"$t/a.cc"
    g++ -std=c++17 -o "$t/a" "$t/a.cc" "$@" >/dev/null 2>&1
}
has() { command -v "$1" >/dev/null 2>&1; }
fuzzer_works() {
    echo 'int LLVMFuzzerTestOneInput(const unsigned char *d, unsigned long n); int LLVMFuzzerTestOneInput(const unsigned char *d, unsigned long n) { (void)d; (void)n; return 0; }' >"$t/f.c"
    has clang && clang -fsanitize=fuzzer,address,undefined -o "$t/f" "$t/f.c" >/dev/null 2>&1
}

missing='' wished=''
need() { missing="$missing $1"; }
wish() { wished="$wished $1"; } # without it a test is skipped
[ "$what" = device ] && for_device=need || for_device=wish
[ "$what" = minimal ] && for_minimal=need || for_minimal=wish

if [ "$what" != device ] && [ "$what" != minimal ]; then
    has "$CC" || need gcc
    compiles curl/curl.h -lcurl || need libcurl4-openssl-dev
fi
if [ "$what" = check ]; then
    has g++ || need g++
    compiles cmocka.h -lcmocka || need libcmocka-dev
    compiles openssl/ssl.h -lssl -lcrypto || need libssl-dev
    compiles bearssl.h -lbearssl || need libbearssl-dev
    compiles_cc simdjson.h -lsimdjson || need libsimdjson-dev
    has python3 || need python3
    has openssl || need openssl
    has curl || need curl
    has clang || need clang
    fuzzer_works || { has clang && need "libclang-rt-$(clang -dumpversion | cut -d. -f1)-dev" || need libclang-rt-14-dev; }
    has valgrind || need valgrind
    has tcc || need tcc
    has pkg-config || need pkg-config
    compiles yaml.h -lyaml || wish libyaml-dev
    has node || wish nodejs
    has npm || wish npm
    compiles uv.h -luv || need libuv1-dev
    compiles SDL2/SDL.h -lSDL2 || need libsdl2-dev
    has Xvfb || need xvfb
    has espeak-ng || wish espeak-ng
    has promtool || [ -d /run/systemd/system ] || wish prometheus # its package starts a server where systemd runs: there it is the user's to install
fi
if [ "$what" = check ] || [ "$what" = device ]; then
    has arm-none-eabi-gcc || $for_device gcc-arm-none-eabi
    has qemu-system-arm || $for_device qemu-system-arm
    [ "$what" = device ] || has arm-linux-gnueabihf-gcc || wish 'gcc-arm-linux-gnueabihf libc6-dev-armhf-cross'
fi
if [ "$what" = check ] || [ "$what" = minimal ]; then
    has musl-gcc || $for_minimal musl-tools
    has xz || $for_minimal xz-utils
    [ "$what" = minimal ] || has strace || wish strace
fi
m32_works() {
    echo '#include <errno.h>' >"$t/m.c"
    echo 'int main(void){return errno;}' >>"$t/m.c"
    gcc -m32 -idirafter /usr/include/x86_64-linux-gnu -static -o "$t/m" "$t/m.c" >/dev/null 2>&1
}
if [ "$what" = targets ]; then
    has clang || need clang
    has g++ || need g++
    has python3 || need python3
    has tcc || need tcc
    has musl-gcc || need musl-tools
    has arm-linux-gnueabihf-gcc || need 'gcc-arm-linux-gnueabihf libc6-dev-armhf-cross'
    has aarch64-linux-gnu-gcc || need 'gcc-aarch64-linux-gnu libc6-dev-arm64-cross'
    has s390x-linux-gnu-gcc || need 'gcc-s390x-linux-gnu libc6-dev-s390x-cross'
    has qemu-s390x || need qemu-user
    has x86_64-w64-mingw32-gcc || need gcc-mingw-w64-x86-64-win32
    has wine64 || has wine || [ -x /usr/lib/wine/wine64 ] || need wine64
    m32_works || need "gcc-$(gcc -dumpversion | cut -d. -f1)-multilib" # gcc-multilib itself does not bear the cross compilers
fi
[ -n "$missing$wished" ] || exit 0

if ! has apt-get; then
    [ -n "$missing" ] || { echo "llmfactory: some tests are skipped without:$wished" >&2; exit 0; }
    echo "llmfactory: this needs (names as in Debian):$missing" >&2
    echo "Install them with your package manager, then run the same command again." >&2
    exit 1
fi
sudo=''
if [ "$(id -u)" != 0 ]; then
    has sudo || { echo "llmfactory: missing:$missing$wished; run as root: apt-get install$missing$wished" >&2; exit 1; }
    sudo=sudo
fi
echo "installing:$missing$wished"
$sudo apt-get -o DPkg::Lock::Timeout=300 update -qq >/dev/null 2>&1
install() { DEBIAN_FRONTEND=noninteractive $sudo apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends "$@" >"$t/log" 2>&1; }
# shellcheck disable=SC2086
[ -z "$wished" ] || install $wished || { tail -n 5 "$t/log" >&2; echo "llmfactory: could not install:$wished; the tests that need them are skipped" >&2; }
# shellcheck disable=SC2086
[ -z "$missing" ] || install $missing || {
    tail -n 5 "$t/log" >&2
    echo "llmfactory: could not install:$missing; install them by hand, then run the same command again" >&2
    exit 1
}
