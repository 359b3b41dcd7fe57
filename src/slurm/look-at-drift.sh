# Looks at what of the head node is not as the node script leaves it, though all may work until the next
# restart, and prints one line of JSON: {"time": seconds since 1970, "faults": [{"kind": KIND, "what":
# TEXT}]}. Changes nothing. Runs as root. Stands behind look-at-daemons.sh and slurm-setting.sh, whose
# functions it calls.

# fault KIND TEXT
fault() {
    printf ',{"kind":"%s","what":"%s"}' "$1" "$(printf '%s' "$2" | printable)"
}

# The files that the node script has put there, by its manifest.
files() {
    manifest=/etc/hpcapi/files
    [ -s "$manifest" ] || {
        fault missing "$manifest"
        return
    }
    while read -r line; do
        file=${line##* }
        if ! [ -e "$file" ]; then
            fault missing "$file"
        elif [ "$(stat -c '%a %U' "$file") $(sha256sum "$file")" != "$line" ]; then
            fault changed "$file"
        fi
    done <"$manifest"
}

units() {
    timers='hpcapi-watchdog.timer'
    [ ! -e /etc/hpcapi/record-jobs.json ] || timers="$timers hpcapi-record-jobs.timer"
    for unit in munge slurmctld slurmrestd hpcapi-proxy $timers; do
        is=$(systemctl is-enabled "$unit" 2>/dev/null)
        case $is in
            disabled | masked*) fault unit "$unit is ${is%-runtime}" ;;
        esac
    done
    for unit in $timers; do
        is=$(state "$unit")
        [ "$is" = active ] || fault unit "$unit is ${is:-missing}"
    done
}

users_and_programs() {
    for user in slurmrestd hpcapi-proxy; do
        getent passwd "$user" >/dev/null || fault user "$user"
    done
    [ -x /opt/slurm/sbin/slurmrestd ] || fault missing /opt/slurm/sbin/slurmrestd
    command -v nginx >/dev/null || fault missing nginx
    [ -d /var/log/hpcapi ] || fault missing /var/log/hpcapi
}

# What Slurm's daemons have read and do not look for again before they start anew.
slurm() {
    folder=$(slurm_setting StateSaveLocation)
    [ -d "${folder:-/var/spool/slurm.state}" ] || fault missing "${folder:-/var/spool/slurm.state}"
    parameters=$(slurm_setting AuthAltParameters)
    key=$(jwt_key "$parameters")
    case $parameters in
        *jwks=*) ;;
        *)
            if ! [ -s "$key" ]; then
                fault missing "$key"
            elif [ "$(stat -c %U "$key")" != slurm ] || [ -n "$(find "$key" -perm /077)" ]; then
                fault rights "$key"
            fi
            ;;
    esac
    [ -n "$(slurm_setting AuthAltTypes)" ] || fault setting 'AuthAltTypes=auth/jwt'
    journal=$(slurm_setting JobCompLoc)
    [ "$journal" != /var/spool/hpcapi/jobs.txt ] || [ -e "$journal" ] || fault missing "$journal"
    if ! [ -s /etc/munge/munge.key ]; then
        if [ -s /opt/parallelcluster/shared/.munge/.munge.key ]; then
            fault missing /etc/munge/munge.key
        else
            fault lost /etc/munge/munge.key
        fi
    fi
}

# clustermgtd, which starts and stops nodes, says every minute that it is well.
fleet() {
    beat=/opt/slurm/etc/pcluster/.slurm_plugin/clustermgtd_heartbeat
    set -- /opt/parallelcluster/pyenv/versions/*/envs/cookbook_virtualenv/bin/supervisorctl
    [ -x "$1" ] || return
    is=$(timeout 10 "$1" status clustermgtd 2>/dev/null | awk '{ print $2 }')
    case $is in
        STOPPED | EXITED | FATAL | BACKOFF) fault fleet "is $is" ;;
        RUNNING)
            age=$(($(date +%s) - $(stat -c %Y "$beat" 2>/dev/null || date +%s)))
            [ "$age" -lt 600 ] || fault fleet "has said nothing for $((age / 60)) minutes"
            ;;
    esac
}

drift() {
    # What others set up is theirs.
    [ -e /etc/hpcapi ] || [ -e /etc/systemd/system/hpcapi-proxy.service ] || return
    files
    units
    users_and_programs
    slurm
    fleet
}

printf '{"time":%d,"faults":[%s]}\n' "$(date +%s)" "$(drift | cut -c 2-)"
