#!/usr/bin/env bash
# Tries the files of dist/ where nothing is prepared for them: the binary in a root that is empty
# but for certificates, then binary and wheel as an unprivileged user of each Debian SUITE, whose
# lookups of hosts go through modules of a glibc that the binary was not built with. Needs root
# and debootstrap.
#
#     scripts/try-release.sh [SUITE...]
set -euo pipefail
cd "$(dirname "$0")/.."

die() {
    echo "error: $*" >&2
    exit 1
}

suites=("$@")
[[ $# -gt 0 ]] || suites=(bookworm trixie)
(cd dist && sha256sum --check --quiet SHA256SUMS)
archive=$(echo dist/hpcapi-*.tar.gz)
wheel=$(echo dist/hpcapi-*.whl)
work=$(mktemp -d)
trap 'rm -rf --one-file-system "$work"' EXIT
tar --extract --directory "$work" --file "$archive"
certificates=etc/ssl/certs/ca-certificates.crt
said=$work/said

base64url() {
    base64 --wrap=0 | tr '+/' '-_' | tr -d '='
}

# A token that is well formed, so that the call is made.
head=$(printf '{"alg":"HS256"}' | base64url)
body=$(printf '{"sun":"somebody","exp":4102444800}' | base64url)
token=$head.$body.AAAA

# Runs a program in a root as nobody, with nothing of our environment and no network.
inside() {
    local root=$1
    shift
    env --ignore-environment PATH=/usr/sbin:/usr/bin HOME=/tmp AWS_ACCESS_KEY_ID=AKIAEXAMPLE \
        AWS_SECRET_ACCESS_KEY=example AWS_REGION=us-east-1 AWS_MAX_ATTEMPTS=1 SLURM_JWT="$token" \
        unshare --net chroot --userspec=65534:65534 "$root" "$@"
}

# Expects that a program in a root fails by itself, not by a signal, and says why.
fails() {
    local why=$1 root=$2 code=0
    shift 2
    inside "$root" "$@" > "$said" 2>&1 || code=$?
    [[ $code == 1 ]] || die "ends with $code, not with 1: $*"$'\n'"$(cat "$said")"
    grep -q -- "$why" "$said" || die "does not say '$why': $*"$'\n'"$(cat "$said")"
}

# Tries a program in a root: what asks nobody, and calls for which hosts are looked up.
try() {
    local root=$1 program=$2
    inside "$root" "$program" --version
    inside "$root" "$program" --help > "$said"
    grep -q teardown "$said" || die "--help does not name teardown"
    fails 'slurm.invalid' "$root" "$program" ping --endpoint https://slurm.invalid
    fails 'check the network' "$root" "$program" status
}

empty=$work/empty
mkdir -p "$empty/tmp" "$empty/$(dirname "$certificates")"
chmod 1777 "$empty/tmp"
cp "/$certificates" "$empty/$certificates"
cp "$work"/hpcapi-*/hpcapi "$empty"
echo "an empty root:"
try "$empty" /hpcapi

for suite in "${suites[@]}"; do
    root=$work/$suite
    debootstrap --variant=minbase --include=ca-certificates,python3-venv \
        "$suite" "$root" > "$said" ||
        die "debootstrap: $(tail -n 5 "$said")"
    DEBIAN_FRONTEND=noninteractive chroot "$root" apt-get install --quiet --quiet --yes \
        --no-install-recommends libnss-myhostname libnss-resolve > "$said" 2>&1 ||
        die "apt-get: $(tail -n 5 "$said")"
    sed -i 's/^hosts:.*/hosts: files myhostname resolve dns/' "$root/etc/nsswitch.conf"
    cp "$work"/hpcapi-*/hpcapi "$root/usr/local/bin"
    cp "$wheel" "$root/tmp"
    echo "$suite, the binary:"
    try "$root" /usr/local/bin/hpcapi
    echo "$suite, the wheel:"
    inside "$root" python3 -m venv /tmp/venv
    inside "$root" /tmp/venv/bin/pip install --quiet --no-index "/tmp/$(basename "$wheel")"
    try "$root" /tmp/venv/bin/hpcapi
done
echo "all of it works"
