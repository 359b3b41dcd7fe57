# Prints what the logs of a head node say about its set-up: gzip and base64, in one line that is
# not longer than what SSM keeps of an output. Of a long log that is the neighbourhood of its first
# words about a failure, and its end. Secrets are taken out by the sed script in `mask`; what the
# cluster's key for tokens would look like, too. Changes nothing. Runs as root.
set -u
umask 077
export LC_ALL=C.UTF-8
PATH=/opt/slurm/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin
longest=23900
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

# In a file, because arguments can be read by everybody on the machine.
printf '%s\n' "${mask:?}" >"$work/mask.sed"
for key in /var/spool/slurm.state/jwt_hs256.key /etc/munge/munge.key \
    $(cat /opt/slurm/etc/*.conf /opt/slurm/etc/pcluster/*.conf 2>/dev/null |
        sed -n 's/^AuthAltParameters=.*jwt_key=\([^, ]*\).*/\1/p'); do
    [ -s "$key" ] || continue
    {
        base64 "$key"
        base64 -w 0 "$key"
        echo
        od -An -v -tx1 -w1024 "$key" | tr -d ' '
    } | sed -n 's/+/[+]/g; s/^........*$/s|&|***|g/p' >>"$work/mask.sed"
done

# keep NAME: keeps standard input, if there is any, as the log NAME.
keep() {
    sed -E -f "$work/mask.sed" | sed -E 's/^(.{400}).*$/\1 [...]/' >"$work/text"
    [ ! -s "$work/text" ] || {
        printf '==> %s <==\n' "$1"
        cat "$work/text"
    } >"$work/log.$(printf %s "$1" | tr -c 'A-Za-z0-9\n' -)"
}

# cut_to LINES FILE: prints a log of at most twice so many lines, or what matters of it.
cut_to() {
    length=$(wc -l <"$2")
    if [ "$length" -le "$(($1 * 2 + 1))" ]; then
        cat "$2"
        return 0
    fi
    head -n 1 "$2"
    first=$(sed 1d "$2" | grep -Ein 'error|fail|fatal|traceback|cannot|denied|no space' |
        head -n 1 | cut -d : -f 1)
    if [ "${first:-$length}" -lt "$((length - $1))" ]; then
        from=$((first > $1 / 4 ? first + 1 - $1 / 4 : 2))
        sed -n "${from},$((from + $1 - 1))p" "$2"
        echo '[...]'
    fi
    tail -n "$1" "$2"
}

for log in /var/log/hpcapi-node.log /var/log/cfn-init.log /var/log/cfn-init-cmd.log \
    /var/log/chef-client.log /var/log/slurmctld.log /var/log/cloud-init-output.log \
    /var/log/cloud-init.log /var/log/parallelcluster/* /var/log/hpcapi/slurmrestd.log \
    /var/log/hpcapi/proxy-error.log; do
    [ ! -f "$log" ] || tail -c 4000000 "$log" | keep "$log"
done
systemctl --failed --no-legend --plain 2>/dev/null | keep 'systemctl --failed'
# The journal of a busy machine is behind; what a process says that has ended by then is of no unit.
journalctl --sync 2>/dev/null
journalctl _SYSTEMD_UNIT=slurmctld.service + UNIT=slurmctld.service + \
    SYSLOG_IDENTIFIER=slurmctld --lines 50 --no-pager --output short-iso 2>/dev/null |
    keep 'journalctl --unit slurmctld'

for lines in 400 150 60 25 10 4; do
    packed=$(for log in "$work"/log.*; do
        cut_to "$lines" "$log"
    done | gzip -9 | base64 -w 0)
    [ "${#packed}" -gt "$longest" ] || break
done
printf '%s\n' "$packed"
