# Looks at the daemons of the head node that a request passes, and prints one line of JSON:
# {"controller": up|down|silent|off, "controller_words": TEXT, "rest": STATE, "rest_words": TEXT,
#  "proxy": STATE, "proxy_words": TEXT, "status": HTTP status of port 6830 without a token,
#  "munge": STATE, "munge_words": TEXT,
#  "disks": [{"folder": what is written there, "mount": its file system, "free_kib": NUMBER,
#             "free_files": NUMBER}]}.
# STATE is systemd's: active, inactive, failed, ... Changes nothing. Runs as root. Stands behind
# slurm-setting.sh, whose functions it calls.
set -u
PATH=/opt/slurm/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin

# Prints the end of standard input, from the beginning of a word.
ending() {
    text=$(cat)
    [ "${#text}" -le 600 ] || {
        text=$(printf '%s' "$text" | tail -c 600)
        text="... ${text#* }"
    }
    printf '%s' "$text"
}

# Makes standard input fit for a JSON string, and hides whatever could be a token.
printable() {
    tr '\n\t' '  ' | tr -d '\000-\037\177' | ending |
        sed 's/ey[A-Za-z0-9_-]*\.[A-Za-z0-9_.-]*/.../g; s/\\/\\\\/g; s/"/\\"/g'
}

state() {
    systemctl show --property ActiveState --value "$1" 2>/dev/null
}

# The words of a unit that does not run, since it was started last: what it said before may be mended.
# What was fatal comes first, with the errors beside it; without that, the last lines. What a process
# says that has ended before the journal looks is of no unit, and is known by the process's name.
words() {
    [ "$(state "$1")" != active ] || return
    since=$(systemctl show --property ExecMainStartTimestamp --value "$1" 2>/dev/null)
    [ -z "$since" ] || since=$(date --date "$since" '+%F %T')
    said=$(journalctl _SYSTEMD_UNIT="$1.service" + UNIT="$1.service" + \
        SYSLOG_IDENTIFIER="${2:-$1}" ${since:+--since "$since"} --lines 40 --output cat --no-pager \
        2>/dev/null | sed "s/^${2:-$1}: //")
    fatal=$(printf '%s\n' "$said" | grep -E 'fatal|\[emerg\]' | tail -n 1)
    if [ -z "$fatal" ]; then
        printf '%s\n' "$said" | tail -n 3
        return
    fi
    printf '%s\n' "$fatal"
    # What a configuration has wrong is said before much else, and often twice.
    printf '%s\n' "$said" | grep -E 'Pars(e|ing) error' | tail -n 1
    printf '%s\n' "$said" | grep error | grep -vE 'Pars(e|ing) error' | awk '!told[$0]++' | tail -n 2
}

# The file and the line of the key that Slurm does not know: Slurm names neither.
place() {
    key=$(printf '%s\n' "$1" | sed -n 's/.*unrecognized key: *\([A-Za-z]*\).*/\1/p' | tail -n 1)
    [ -z "$key" ] || grep --ignore-case --line-number --with-filename "^ *$key *=" /opt/slurm/etc/*.conf |
        head -n 1
}

# What is free where the daemons and jobs write.
disks() {
    saved=$(slurm_setting StateSaveLocation)
    for folder in "${saved:-/var/spool/slurm.state}" /var/log /tmp /home; do
        df --output=avail,itotal,iavail,target --block-size=1K "$folder" 2>/dev/null | tail -n 1 | {
            read -r free files free_files mount || exit
            # A file system without a table of files has as many as fit.
            case $files in 0 | -) free_files=1000000 ;; esac
            printf ',{"folder":"%s","mount":"%s","free_kib":%d,"free_files":%d}' \
                "$folder" "$(printf '%s' "$mount" | printable)" "$free" "$free_files"
        }
    done | cut -c 2-
}

# Asks for a job: that there is none is an answer. scontrol ping would not see a hang.
controller() {
    [ "$(state slurmctld)" = active ] || {
        echo off
        return
    }
    answer=$(timeout 10 scontrol show job 1 2>&1)
    code=$?
    case $answer in
        *'contact slurm controller'* | *'onnection refused'*) echo down ;;
        *) if [ "$code" = 124 ]; then echo silent; else echo up; fi ;;
    esac
}

journalctl --sync 2>/dev/null
controller_words=$(words slurmctld)
controller_words=$(place "$controller_words"; printf '%s' "$controller_words")
[ -n "$controller_words" ] || controller_words=$(timeout 10 scontrol ping 2>&1)
rest_words=$(words slurmrestd; tail -n 2 /var/log/hpcapi/slurmrestd.log 2>/dev/null)
proxy_words=$(words hpcapi-proxy)
# One that does not run has written nothing there since: what it holds may be old.
[ -n "$proxy_words" ] || proxy_words=$(tail -n 1 /var/log/hpcapi/proxy-error.log 2>/dev/null)
status=$(curl --silent --max-time 5 --output /dev/null --write-out '%{http_code}' \
    http://127.0.0.1:6830/openapi/v3)
munge_words=$(words munge munged)
printf '{"munge":"%s","munge_words":"%s","controller":"%s","controller_words":"%s","rest":"%s","rest_words":"%s","proxy":"%s","proxy_words":"%s","status":%d,"disks":[%s]}\n' \
    "$(state munge)" "$(printf '%s' "$munge_words" | printable)" \
    "$(controller)" "$(printf '%s' "$controller_words" | printable)" \
    "$(state slurmrestd)" "$(printf '%s' "$rest_words" | printable)" \
    "$(state hpcapi-proxy)" "$(printf '%s' "$proxy_words" | printable)" "${status:-0}" "$(disks)"
