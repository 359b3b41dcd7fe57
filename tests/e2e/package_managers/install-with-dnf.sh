#!/bin/bash
# Lets the node script install nginx with the real dnf, from a package and a repository made here, while
# another program holds rpm's lock. Nothing of the machine changes: all of it goes to an overlay.
#
#   install-with-dnf.sh NODE_SCRIPT EMPTY_FOLDER
set -Eeuo pipefail

if [ "$2" != inside ]; then
    script=$(realpath "$1")
    work=$2
    # Gone with this process's mounts.
    mount -t tmpfs -o size=900m tmpfs "$work"
    mkdir "$work"/{upper,work,root}
    mount -t overlay overlay -o "lowerdir=/,upperdir=$work/upper,workdir=$work/work" "$work/root"
    mount --rbind /dev "$work/root/dev"
    mount -t proc proc "$work/root/proc"
    cp "$script" "$work/root/srv/head-node.sh"
    cp "${BASH_SOURCE[0]}" "$work/root/srv/inside.sh"
    cp "$(dirname "${BASH_SOURCE[0]}")/installs-nginx.sh" "$work/root/srv/"
    exec chroot "$work/root" bash /srv/inside.sh /srv/head-node.sh inside
fi

exec 3>&1 >/srv/log 2>&1
trap 'tail -n 40 /srv/log /srv/node.log >&3' ERR
export DEBIAN_FRONTEND=noninteractive
apt-get install -y -q --no-install-recommends dnf createrepo-c rpm ||
    { apt-get update -q && apt-get install -y -q --no-install-recommends dnf createrepo-c rpm; }
cat >/srv/nginx.spec <<'END'
Name: nginx
Version: 99
Release: 1
Summary: nginx of a test
License: none
BuildArch: noarch
AutoReqProv: no
%description
Stands in for nginx.
%install
mkdir -p %{buildroot}/usr/sbin
printf '#!/bin/sh\n' >%{buildroot}/usr/sbin/nginx
chmod 0755 %{buildroot}/usr/sbin/nginx
%files
/usr/sbin/nginx
END
rpmbuild -bb --quiet --define "_rpmdir /srv/packages" /srv/nginx.spec
createrepo_c --quiet /srv/packages
mkdir -p /etc/yum.repos.d
printf '[own]\nname=own\nbaseurl=file:///srv/packages\ngpgcheck=0\n' >/etc/yum.repos.d/own.repo
rm -f /usr/sbin/nginx
if command -v nginx; then exit 9; fi

lock=$(rpm --eval '%{_rpmlock_path}')
mkdir -p "${lock%/*}"
coproc HOLDER {
    python3 -c '
import fcntl, sys
with open(sys.argv[1], "w") as file:
    fcntl.lockf(file, fcntl.LOCK_EX)
    print("held", flush=True)
    sys.stdin.readline()
' "$lock"
}
# Bash forgets the one of the coprocess when that ends.
exec {go}>&"${HOLDER[1]}"
read -r _ <&"${HOLDER[0]}"

export LOG=/srv/node.log
log() {
    echo "$*" | tee -a "$LOG"
    # Once it waits, the other program ends. Where it has, nobody reads this.
    [[ $* != *"waiting for it"* ]] || (echo >&"$go") || true
}
fail() {
    log "FAILED: $*"
    tail -n 40 "$LOG" >&3
    exit 1
}
# shellcheck source=/dev/null
source /srv/installs-nginx.sh "$1"
install_nginx
grep -q 'waiting for it to end' "$LOG"
rpm --query nginx >&3
