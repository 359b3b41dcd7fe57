# Sets the head node up again, and prints one line of JSON: {"done": true} or {"error": TEXT}. Runs as
# root. What sends it puts in front:
#   node_script  the script that sets a head node up, gzip and base64
#   bucket       the deployment's bucket
#   task         repair: restart the daemons that a request passes first
#                restore, update: only if Slurm does not answer; an update leaves a node alone that hpcapi
#                did not set up
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
    [ "$task" != restore ] || restart_fleet
    echo '{"done":true}'
}

# What starts and stops compute nodes, if it does not.
restart_fleet() {
    set -- /opt/parallelcluster/pyenv/versions/*/envs/cookbook_virtualenv/bin/supervisorctl
    [ -x "$1" ] || return
    beat=/opt/slurm/etc/pcluster/.slurm_plugin/clustermgtd_heartbeat
    if ! "$1" status clustermgtd 2>/dev/null | grep -q RUNNING ||
        [ -n "$(find "$beat" -mmin +9 2>/dev/null)" ]; then
        words=$("$1" restart clustermgtd 2>&1) || refuse "clustermgtd does not start: $words"
    fi
}

refuse() {
    said=$(printf '%s' "$1" | tr '\n\t' '  ' | tr -d '\000-\037\042\134\177')
    [ "${#said}" -le 300 ] || {
        said=$(printf '%s' "$said" | tail -c 300)
        said="... ${said#* }"
    }
    printf '{"error":"%s"}\n' "$said"
    exit 0
}

restart_daemons() {
    systemctl unmask munge slurmctld slurmrestd hpcapi-proxy >/dev/null 2>&1
    # The keys of munge and of tokens: without them slurmctld does not start.
    words=$(bash "$script" start 2>&1) || refuse "$words"
    systemctl --quiet is-active munge || systemctl restart munge >/dev/null 2>&1
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
