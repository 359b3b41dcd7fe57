# Sets the head node up again, and prints one line of JSON: {"done": true} or {"error": TEXT}. Runs as
# root. What sends it puts in front:
#   node_script  the script that sets a head node up, gzip and base64
#   bucket       the deployment's bucket
#   task         repair: restart the daemons that a request passes first
#                update: only if Slurm does not answer; a node that hpcapi did not set up is left alone
set -u
: "${node_script:?}" "${bucket:?}" "${task:?}"
PATH=/opt/slurm/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin

main() {
    if [ "$task" = update ] && ! [ -e /etc/hpcapi/nginx.conf ]; then
        echo '{"done":true}'
        return
    fi
    script=$(mktemp) || refuse 'mktemp failed'
    trap 'rm -f "$script"' EXIT
    printf '%s' "$node_script" | base64 -d | gunzip >"$script" || refuse 'the node script came broken'
    if [ "$task" = repair ] || ! answers; then
        restart_daemons
    fi
    words=$(bash "$script" updated "$bucket" 2>&1) || refuse "$words"
    echo '{"done":true}'
}

refuse() {
    printf '{"error":"%s"}\n' "$(printf '%s' "$1" | tr '\n\t' '  ' | tr -d '\000-\037\042\134\177' | tail -c 300)"
    exit 0
}

restart_daemons() {
    systemctl unmask munge slurmctld slurmrestd hpcapi-proxy >/dev/null 2>&1
    systemctl --quiet is-active munge || systemctl restart munge >/dev/null 2>&1
    # The key that signs tokens: without it slurmctld does not start.
    words=$(bash "$script" start 2>&1) || refuse "$words"
    answers || restart_controller
    # One that hangs would not end when asked to, and holds no state.
    systemctl kill --signal=KILL slurmrestd >/dev/null 2>&1
    systemctl reset-failed slurmrestd hpcapi-proxy >/dev/null 2>&1
    systemctl daemon-reload
    systemctl restart slurmrestd hpcapi-proxy >/dev/null 2>&1
}

answers() {
    systemctl --quiet is-active slurmctld || return 1
    timeout 10 scontrol show job 1 >/dev/null 2>&1
    [ $? != 124 ] && timeout 10 scontrol ping 2>/dev/null | grep -q 'is UP'
}

restart_controller() {
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
}

main
