# Brings the daemons of the head node that a request passes back to work, and prints one line of
# JSON: {"repaired": true} or {"error": TEXT}. Runs as root. What sends it puts in front:
#   node_script  the script that set the head node up, gzip and base64
set -u
: "${node_script:?}"
PATH=/opt/slurm/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin

refuse() {
    printf '{"error":"%s"}\n' "$(printf '%s' "$1" | tr '\n\t' '  ' | tr -d '\000-\037\042\134\177' | tail -c 300)"
    exit 0
}

answers() {
    systemctl --quiet is-active slurmctld || return 1
    timeout 10 scontrol show job 1 >/dev/null 2>&1
    [ $? != 124 ] && timeout 10 scontrol ping 2>/dev/null | grep -q 'is UP'
}

script=$(mktemp) || refuse 'mktemp failed'
trap 'rm -f "$script"' EXIT
printf '%s' "$node_script" | base64 -d | gunzip >"$script" || refuse 'the node script came broken'
systemctl unmask munge slurmctld slurmrestd hpcapi-proxy >/dev/null 2>&1
systemctl --quiet is-active munge || systemctl restart munge >/dev/null 2>&1
# The key that signs tokens: without it slurmctld does not start.
words=$(bash "$script" start 2>&1) || refuse "$words"
if ! answers; then
    # One that hangs would not end when asked to.
    systemctl kill --signal=KILL slurmctld >/dev/null 2>&1
    systemctl reset-failed slurmctld >/dev/null 2>&1
    timeout 60 systemctl restart slurmctld ||
        refuse "slurmctld does not start: $(
            journalctl --sync 2>/dev/null
            journalctl _SYSTEMD_UNIT=slurmctld.service + UNIT=slurmctld.service + \
                SYSLOG_IDENTIFIER=slurmctld --lines 3 --output cat --no-pager
        )"
    end=$(($(date +%s) + 60))
    until answers; do
        [ "$(date +%s)" -lt "$end" ] || refuse 'slurmctld was started, and does not answer'
        sleep 0.2
    done
fi
# One that hangs would not end when asked to, and holds no state.
systemctl kill --signal=KILL slurmrestd >/dev/null 2>&1
systemctl reset-failed slurmrestd hpcapi-proxy >/dev/null 2>&1
systemctl daemon-reload
systemctl restart slurmrestd hpcapi-proxy >/dev/null 2>&1
words=$(bash "$script" updated 2>&1) || refuse "$words"
echo '{"repaired":true}'
