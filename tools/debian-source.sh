#!/bin/sh
# debian-source.sh PACKAGE DIR - unpacks what upstream wrote of a Debian source package into DIR, unless it is there already. apt fetches and verifies it, from
# where the system's own lists name its packages but with lists of its own (in DIR.apt): no setting of the system changes.
set -eu
package=${1:?usage: debian-source.sh PACKAGE DIR} dir=${2:?usage: debian-source.sh PACKAGE DIR}
[ ! -d "$dir" ] || exit 0
command -v apt-get >/dev/null 2>&1 || { echo "debian-source.sh: there is no apt-get: unpack the source of $package into $dir by hand" >&2; exit 1; }
mkdir -p "$dir.apt/lists/partial" "$dir.apt/parts" "$dir.apt/cache/archives/partial"
cd "$dir.apt"
for list in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
    if [ -f "$list" ]; then sed -n 's/^deb \(.*debian.*\)/deb-src \1/p' "$list"; fi
done >parts/system.list
for list in /etc/apt/sources.list.d/*.sources; do
    if grep -q '^URIs:.*debian' "$list" 2>/dev/null; then sed 's/^Types:.*/Types: deb-src/' "$list" >"parts/${list##*/}"; fi
done
own() {
    apt-get -q -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$PWD/parts" -o Dir::State::Lists="$PWD/lists" -o Dir::Cache="$PWD/cache" \
        -o APT::Sandbox::User="$(id -un)" "$@"
}
own update >log 2>&1 && own source --download-only "$package" >>log 2>&1 || { cat log >&2; exit 1; }
rm -rf new
mkdir new
tar xf "$(ls "$package"_*.orig.tar.?z)" --strip-components=1 -C new
mv new "../$(basename "$dir")"
