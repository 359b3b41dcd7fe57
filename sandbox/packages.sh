#!/bin/bash
# Installs the system packages that the sandbox needs and that are missing. Run as root.
set -euo pipefail

missing=()
command -v mmdebstrap >/dev/null || missing+=(mmdebstrap)
command -v node >/dev/null || missing+=(nodejs)
python3 -c 'import venv, ensurepip' 2>/dev/null || missing+=(python3 python3-venv)
for program in unshare nsenter setpriv; do
    command -v "$program" >/dev/null || missing+=(util-linux)
done
command -v ip >/dev/null || missing+=(iproute2)
[ ${#missing[@]} -gt 0 ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "the sandbox installs itself on Debian and Ubuntu only; here, install first: ${missing[*]}" >&2
    exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
apt-get install -y -q --no-install-recommends "${missing[@]}"
