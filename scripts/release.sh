#!/usr/bin/env bash
# Makes the files of a release in dist/: an archive and a Python wheel with a static binary, the
# list of what is in it (CycloneDX), and their SHA-256 sums. The same commit, toolchain, C library
# and folder give the same bytes.
#
#     scripts/release.sh [TARGET]
#
# TARGET is x86_64-unknown-linux-gnu (the default) or aarch64-unknown-linux-gnu, and this has to be
# a machine of that kind: the binary writes its own completions and man pages.
set -euo pipefail
cd "$(dirname "$0")/.."

die() {
    echo "error: $*" >&2
    exit 1
}

target=${1:-x86_64-unknown-linux-gnu}
host=$(rustc -vV | sed -n 's/^host: //p')
[[ $target == "$host" ]] || die "this machine is $host: $target has to be built on one of its own"
[[ -z $(git status --porcelain) ]] || die "there are changes that are not committed"

root=$(pwd -P)
built=${CARGO_TARGET_DIR:-$root/target}
cargo_home=${CARGO_HOME:-$HOME/.cargo}
version=$(sed -n 's/^version = "\(.*\)"$/\1/p;T;q' Cargo.toml)
name=hpcapi-$version-$target

# With a target that is named, build scripts and macros stay dynamic.
RUSTFLAGS="-C target-feature=+crt-static"
RUSTFLAGS+=" --remap-path-prefix=$root=/hpcapi --remap-path-prefix=$cargo_home=/cargo"
CFLAGS="-ffile-prefix-map=$root=/hpcapi -ffile-prefix-map=$cargo_home=/cargo"
export RUSTFLAGS CFLAGS LC_ALL=C TZ=UTC0
umask 022

tools=$built/release-tools
python3 -m venv --clear "$tools"
"$tools/bin/python" -m pip install --quiet --require-hashes -r scripts/requirements.txt

rm -rf dist
mkdir dist
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$tools/bin/maturin" build --release --locked --target "$target" --out "$work/wheel"
binary=$built/$target/release/hpcapi
readelf --dynamic "$binary" > "$work/dynamic"
! grep NEEDED "$work/dynamic" || die "$binary is not static"

# Not before: with another time all C code, and all that stands on it, would be built anew.
SOURCE_DATE_EPOCH=$(git show --no-patch --format=%ct HEAD)
export SOURCE_DATE_EPOCH
# The list that maturin writes has this folder in it, which is nobody else's, the time, and a number
# of its own each time.
unpacked=$work/hpcapi-$version
"$tools/bin/wheel" unpack --dest "$work" "$work"/wheel/*.whl
list=("$unpacked"/*.dist-info/sboms/*.json)
time=$(date --date="@$SOURCE_DATE_EPOCH" +%FT%TZ)
sed -i "s|path+file://$root|path+file:///hpcapi|g; /\"serialNumber\":/d
    s|\"timestamp\": \".*\"|\"timestamp\": \"$time\"|" "${list[0]}"
cp "${list[0]}" "dist/$name.cdx.json"
"$tools/bin/wheel" pack --dest-dir dist "$unpacked"

archive=$work/$name
mkdir -p "$archive/completions"
cp -r "$binary" README.md CHANGELOG.md SECURITY.md docs LICENSE-APACHE LICENSE-MIT "$archive"
"$binary" completions bash > "$archive/completions/hpcapi.bash"
"$binary" completions zsh > "$archive/completions/_hpcapi"
"$binary" completions fish > "$archive/completions/hpcapi.fish"
"$binary" man "$archive/man/man1"
tar --create --directory "$work" --sort=name --format=gnu --owner=0 --group=0 --numeric-owner \
    --mode=u=rwX,go=rX --mtime="@$SOURCE_DATE_EPOCH" "$name" | gzip -9n > "dist/$name.tar.gz"

cd dist
sha256sum -- hpcapi-* > SHA256SUMS
cat SHA256SUMS
