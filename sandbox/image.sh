#!/bin/bash
# Makes the root file system of the sandbox's head nodes: Debian with Slurm, laid out as
# ParallelCluster's machine images are. Run as root:
#
#   image.sh TARGET_DIR [SUITE]
#
# SUITE is a Debian release and so a Slurm: trixie (24.11, default), forky (26.05) or bookworm
# (22.05); trixie has Open MPI, too. TARGET_DIR appears whole or not at all; one that this very
# recipe made stays as it is.
set -euo pipefail

fail() {
    echo "image.sh: $*" >&2
    exit 1
}

[ $# -ge 1 ] || fail "usage: image.sh TARGET_DIR [trixie|forky|bookworm]"
target=${1%/}
suite=${2:-trixie}
packages=(
    systemd systemd-sysv dbus munge
    slurmctld slurmd slurmdbd slurmrestd slurm-client slurm-wlm-jwt-plugin slurm-wlm-mysql-plugin
    mariadb-server-core mariadb-client-core
    nginx-light openssl jq curl ca-certificates procps iproute2 python3 awscli
)
apt_options=()
case $suite in
    trixie | bookworm) ;;
    forky) apt_options+=(--aptopt='Acquire::Check-Valid-Until "false"') ;;
    *) fail "no such suite: $suite (there are trixie, forky and bookworm)" ;;
esac

recipe="$suite $(sha256sum "${BASH_SOURCE[0]}" | cut -d' ' -f1)"
stamp=etc/parallelcluster/image-recipe
is_made() {
    [ "$(cat "$target/$stamp" 2>/dev/null)" = "$recipe" ]
}

! is_made || exit 0
[ "$(id -u)" = 0 ] || fail "the image needs root: run it with sudo"
if ! command -v mmdebstrap >/dev/null; then
    command -v apt-get >/dev/null ||
        fail "mmdebstrap is missing, and only Debian and Ubuntu can install it here"
    apt-get update -q
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
        mmdebstrap debian-archive-keyring
fi

# One at a time; whoever waited may find it made. What a killed run left goes.
mkdir -p "$(dirname "$target")"
exec 9>"$target.lock"
flock 9
! is_made || exit 0
work=$target.part
trap 'rm -rf --one-file-system "$work"' EXIT
rm -rf --one-file-system "$work"
mkdir "$work"
root=$work/root

# The mirror and the proxies that this machine itself uses.
mirror=()
if command -v apt-config >/dev/null; then
    apt-config dump --no-empty Acquire >"$work/apt.conf"
    apt_options+=(--aptopt="$work/apt.conf")
    uri=$(apt-get indextargets --format "\$(REPO_URI)" \
        'Created-By: Packages' 'Origin: Debian' 'Label: Debian' | head -n 1)
    [ -z "$uri" ] || mirror=("$uri")
fi

# MPI, and what compiles C programs for it. Of Open MPI's development package only what these need
# is taken: the whole of it depends on Fortran. Left out is what drives AMD's GPUs, on which Open MPI
# depends, and what static programs need. The compiler is a small one, which forky does not have.
mpi_options=()
if [ "$suite" = trixie ]; then
    packages+=(openmpi-bin tcc libc6-dev)
    cat >"$work/mpi-headers" <<'END'
#!/bin/sh
set -eu
cd "$1/var/tmp"
APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-get download -q libopenmpi-dev
dpkg-deb --fsys-tarfile libopenmpi-dev_*.deb | tar -x -C "$1" --wildcards \
    './usr/lib/*/openmpi/include/mpi.h' \
    './usr/lib/*/openmpi/include/mpi_portable_platform.h' \
    './usr/lib/*/openmpi/lib/libmpi.so'
rm libopenmpi-dev_*.deb
sed -i 's/^compiler=.*/compiler=tcc/' "$1/usr/share/openmpi/mpicc-wrapper-data.txt"
END
    chmod 0755 "$work/mpi-headers"
    mpi_options+=(--customize-hook="$work/mpi-headers")
    for library in libLLVM libz3.so libamd_comgr.so libamdhip64.so libc.a 'libm-*.a' libmvec.a; do
        mpi_options+=(--dpkgopt="path-exclude=/usr/lib/*/$library*")
    done
fi

mmdebstrap --mode=root --variant=minbase --format=directory \
    --include="$(IFS=,; echo "${packages[*]}")" "${apt_options[@]}" \
    --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-include=/usr/share/doc/*/copyright' \
    "${mpi_options[@]}" \
    "$suite" "$root" "${mirror[@]}"
rm -f "$root/etc/apt/apt.conf.d/99mmdebstrap"

in_image() {
    chroot "$root" "$@"
}

# Slurm where ParallelCluster has it; what Debian calls /etc/slurm is /opt/slurm/etc.
mkdir -p "$root"/opt/slurm/{bin,sbin,lib,etc/pcluster}
for package in slurmctld slurmd slurmdbd slurmrestd slurm-client; do
    in_image dpkg -L "$package" | while read -r path; do
        case $path in
            /usr/bin/*) ln -sf "$path" "$root/opt/slurm/bin/" ;;
            /usr/sbin/*-wlm) ln -sf "$path" "$root/opt/slurm/sbin/$(basename "$path" -wlm)" ;;
            /usr/sbin/*) ln -sf "$path" "$root/opt/slurm/sbin/" ;;
        esac
    done
done
ln -s "/usr/lib/$(uname -m)-linux-gnu/slurm-wlm" "$root/opt/slurm/lib/slurm"
cp -a "$root/etc/slurm/." "$root/opt/slurm/etc/"
rm -rf "$root/etc/slurm"
ln -s /opt/slurm/etc "$root/etc/slurm"
cat >"$root/opt/slurm/etc/slurm.sh" <<'END'
PATH=$PATH:/opt/slurm/bin
export PATH
END
ln -s /opt/slurm/etc/slurm.sh "$root/etc/profile.d/slurm.sh"

# The AWS CLI, which finds AWS where the sandbox has it.
cat >"$root/usr/local/bin/aws" <<'END'
#!/bin/sh
exec /usr/bin/aws --endpoint-url http://169.254.169.253 "$@"
END
chmod 0755 "$root/usr/local/bin/aws"

# Debian's units go; a head node gets its own.
rm -f "$root"/usr/lib/systemd/system/slurm*.service "$root"/etc/init.d/slurm*
rm -f "$root"/etc/systemd/system/multi-user.target.wants/slurm*.service
rm -f "$root"/etc/systemd/system/multi-user.target.wants/{nginx,munge}.service
cat >"$root/etc/systemd/system/slurmctld.service" <<'END'
[Unit]
Description=Slurm controller daemon
After=network.target munge.service
Wants=network-online.target
ConditionPathExists=/opt/slurm/etc/slurm.conf

[Service]
Type=simple
EnvironmentFile=-/etc/sysconfig/slurmctld
ExecStart=/opt/slurm/sbin/slurmctld -D -s $SLURMCTLD_OPTIONS
ExecReload=/bin/kill -HUP $MAINPID
LimitNOFILE=562930
LimitMEMLOCK=infinity
LimitSTACK=infinity

[Install]
WantedBy=multi-user.target
END

# The database of Slurm's accounting, empty and not started; see node/database.py. First what the
# accounting asks of it: of the buffer pool, only what is used is taken. The rest makes it small,
# and quick to start and to write: it need not survive a power cut, and a certificate of its own
# would take a second.
cat >"$root/etc/mysql/conf.d/accounting.cnf" <<'END'
[mariadbd]
datadir = /var/lib/mysql
socket = /run/mysqld/mysqld.sock
innodb_buffer_pool_size = 2G
innodb_log_file_size = 64M
innodb_lock_wait_timeout = 900
max_allowed_packet = 16M
loose_innodb_snapshot_isolation = off

bind_address = 127.0.0.1
skip_name_resolve
skip_ssl
skip_log_bin
performance_schema = off
innodb_undo_tablespaces = 0
innodb_log_buffer_size = 2M
innodb_doublewrite = off
innodb_flush_log_at_trx_commit = 0
innodb_flush_method = nosync
aria_pagecache_buffer_size = 8M
key_buffer_size = 1M
END
in_image useradd --system --user-group --no-create-home --home-dir /nonexistent \
    --shell /usr/sbin/nologin mysql
in_image install -d -o mysql -g mysql -m 0700 /var/lib/mysql
# By force: it asks for the name of the machine around, which the image need not know. Every
# machine copies what it writes to, so the log is small here and grows at the first start.
in_image mariadb-install-db --user=mysql --datadir=/var/lib/mysql --skip-test-db \
    --force --auth-root-authentication-method=socket --innodb-log-file-size=4M >/dev/null

# The folders, users and files that ParallelCluster's images have.
in_image useradd --uid 1000 --user-group --create-home --shell /bin/bash ec2-user
mkdir -p "$root"/etc/parallelcluster "$root"/opt/parallelcluster/{scripts/slurm,shared} \
    "$root"/shared "$root"/var/log/parallelcluster "$root"/etc/sysconfig
echo aws-parallelcluster-cookbook-3.16.1 >"$root/opt/parallelcluster/.bootstrapped"
in_image install -d -o slurm -g slurm -m 0700 /var/spool/slurm.state
install -d "$root/var/spool/slurmd"
# Every head node makes its own.
rm -f "$root/etc/munge/munge.key"

# What an init inside namespaces has no use for, and what would touch the machine around it.
for unit in \
    apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \
    e2scrub_reap.service fstrim.timer getty.target systemd-logind.service \
    systemd-modules-load.service systemd-sysctl.service systemd-udevd.service \
    systemd-udev-trigger.service systemd-binfmt.service proc-sys-fs-binfmt_misc.automount \
    systemd-remount-fs.service systemd-random-seed.service systemd-pcrphase.service \
    systemd-networkd.service systemd-timesyncd.service systemd-update-utmp.service \
    sys-kernel-debug.mount sys-kernel-tracing.mount dev-hugepages.mount dev-mqueue.mount \
    kmod-static-nodes.service modprobe@.service; do
    ln -sf /dev/null "$root/etc/systemd/system/$unit"
done
ln -sf /usr/lib/systemd/system/multi-user.target "$root/etc/systemd/system/default.target"
: >"$root/etc/fstab"
: >"$root/etc/resolv.conf"

# What systemd does after an upgrade is done.
touch "$root/etc/.updated" "$root/var/.updated"

echo "$recipe" >"$root/$stamp"
chmod 0755 "$root"
if [ -e "$target" ]; then
    mv "$target" "$work/former"
fi
mv "$root" "$target"
