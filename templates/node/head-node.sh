#!/bin/bash
# Serves Slurm's REST API from the head node of a ParallelCluster, and lets it remember the jobs that
# end, as a custom action of it:
#
#   head-node.sh start         OnNodeStart: the key that signs tokens, before Slurm looks for it
#   head-node.sh configured    OnNodeConfigured: everything else
#   head-node.sh updated       OnNodeUpdated: the same again
#   head-node.sh               all of it
#
# After the phase may stand the deployment's bucket; else it is the one that the cluster's configuration
# has this script from.
#
# The way of a request:  :6830 nginx  ->  unix socket  ->  slurmrestd  ->  slurmctld
#
# Running it again changes nothing that is as it should be. It ends with a real call through
# port 6830, and fails when that does not answer as it must. On other nodes it does nothing.
set -eEuo pipefail
umask 022

readonly PORT=6830
readonly SLURM=/opt/slurm
readonly STATE=/var/spool/slurm.state
readonly CLUSTER_CONFIG=/opt/parallelcluster/shared/cluster-config.yaml
readonly OWN=/etc/hpcapi
readonly LOGS=/var/log/hpcapi
readonly LOG=/var/log/hpcapi-node.log
readonly SOCKET=/run/slurmrestd/slurmrestd.socket
readonly REST_USER=slurmrestd
readonly PROXY_USER=hpcapi-proxy
readonly JOURNAL=/var/spool/hpcapi/jobs.txt
readonly RECORDER=/usr/local/lib/hpcapi/record-jobs.py
readonly OPERATOR=/etc/hpcapi/operate.py
# What this script has put there, a line each: mode, owner, SHA-256 and path.
readonly MANIFEST=/etc/hpcapi/files
readonly MUNGE_KEY=/etc/munge/munge.key
# Where ParallelCluster has a copy for the other nodes.
readonly SHARED_MUNGE_KEY=/opt/parallelcluster/shared/.munge/.munge.key
# For how many seconds other programs may keep this one from installing packages.
readonly LOCK_PATIENCE=600

# The files that this script puts there, as the manifest has them.
files=()
# Units to restart, because a file of theirs changed.
changed=()
# Whether Slurm's daemons may go on with a key that is gone.
has_new_key=false
# What check_api finds, e.g. /slurm/v0.0.42.
api=
# The deployment's bucket.
bucket=

main() {
    is_head_node || exit 0
    [ "$(id -u)" = 0 ] || fail "this needs root"
    trap 'fail "line $LINENO failed: $BASH_COMMAND"' ERR
    local phase=${1:-all}
    bucket=${2:-$(configured_bucket)}
    log "phase $phase"
    case $phase in
        start)
            restore_munge_key
            make_key
            ;;
        configured | updated | all) serve ;;
        *) fail "no such phase: $phase (there are start, configured and updated)" ;;
    esac
    log "phase $phase is done"
}

serve() {
    [ -x "$SLURM/sbin/slurmrestd" ] || fail "there is no $SLURM/sbin/slurmrestd on this image"
    restore_munge_key
    make_key
    configure_slurm
    configure_accounting
    find_libraries
    install_nginx
    make_user "$REST_USER"
    make_user "$PROXY_USER"
    prepare_logs
    write_slurmrestd
    write_proxy
    write_watchdog
    start_units
    check_api
    # The API works without it: no reason to fail the cluster.
    remember_jobs || log "ended jobs are not remembered"
    take_operations || log "operations are not taken"
    ship_logs
    note_files
}

log() {
    printf '%s %s\n' "$(date -u +%FT%TZ)" "$*" | tee -a "$LOG" >&2
}

fail() {
    trap - ERR
    log "FAILED: $*"
    exit 1
}

# quietly COMMAND...: what it prints goes to the log only.
quietly() {
    "$@" >>"$LOG" 2>&1
}

is_head_node() {
    local type
    type=$(sed -n 's/^cfn_node_type=//p' /etc/parallelcluster/cfnconfig 2>/dev/null) ||
        fail "this is no node of a ParallelCluster: /etc/parallelcluster/cfnconfig is missing"
    [ "$type" = HeadNode ]
}

# put FILE [UNIT...]: writes standard input to FILE; if that changes it, the units get restarted.
put() {
    put_as 0644 "$@"
}

# put_as MODE FILE [UNIT...]: the same with that mode.
put_as() {
    local mode=$1 file=$2 new
    shift 2
    mkdir -p "${file%/*}"
    new=$(mktemp "$file.XXXXXX")
    cat >"$new"
    chmod "$mode" "$new"
    # As it is put there: somebody may change it right after.
    files+=("$(stat -c '%a %U' "$new") $(sha256sum <"$new" | cut -c 1-64)  $file")
    if cmp -s "$new" "$file" && [ "$(stat -c '%a %u' "$new")" = "$(stat -c '%a %u' "$file")" ]; then
        rm -f "$new"
        return
    fi
    mv "$new" "$file"
    changed+=("$@")
}

# Notes what the files are, for whoever looks whether they still are that.
note_files() {
    printf '%s\n' "${files[@]}" >"$MANIFEST.new"
    mv "$MANIFEST.new" "$MANIFEST"
}

# slurm_setting NAME: prints what Slurm's configuration, with all that it includes, says last.
slurm_setting() {
    cat "$SLURM"/etc/pcluster/*.conf "$SLURM"/etc/slurm{_parallelcluster,}.conf 2>/dev/null |
        sed -En "s/^[[:space:]]*$1[[:space:]]*=[[:space:]]*([^[:space:]#]+).*/\\1/Ip" | tail -n 1
}

# running_setting NAME: prints what slurmctld goes by, where several files say it.
running_setting() {
    "$SLURM/bin/scontrol" show config 2>/dev/null | sed -n "s/^$1 *= *//p" || true
}

# Prints how slurmctld notes the jobs that end, or will when it runs.
job_completion() {
    local type
    type=$(running_setting JobCompType)
    type=${type:-$(slurm_setting JobCompType)}
    echo "${type#(null)}"
}

# Prints where the cluster's configuration has this script from.
configured_bucket() {
    sed -n 's,.*s3://\([a-z0-9.-]*\)/hpcapi/[0-9a-f]*/head-node\.sh.*,\1,p' "$CLUSTER_CONFIG" \
        2>/dev/null | head -n 1 || true
}

# Prints where Slurm looks for the key. OnNodeStart runs before Slurm is configured: then the
# cluster's configuration says it.
key_path() {
    local path
    path=$({
        cat "$CLUSTER_CONFIG" 2>/dev/null || true
        slurm_setting AuthAltParameters
    } | grep -v '^[[:space:]]*#' | grep -Eio "jwt_key=[^],\"'} ]+" | tail -n 1 | cut -d= -f2) || true
    echo "${path:-$STATE/jwt_hs256.key}"
}

# Without it munge, and with it Slurm, does not start again.
restore_munge_key() {
    [ ! -s "$MUNGE_KEY" ] && [ -s "$SHARED_MUNGE_KEY" ] || return 0
    install -o munge -g munge -m 0400 "$SHARED_MUNGE_KEY" "$MUNGE_KEY"
    log "took munge's key from $SHARED_MUNGE_KEY"
}

# Makes the key that signs the tokens, once: a new key ends every token there is.
make_key() {
    local key folder new
    key=$(key_path)
    folder=${key%/*}
    [ "$folder" != "$STATE" ] || install -d -o slurm -g slurm -m 0700 "$STATE"
    mkdir -p "$folder"
    if [ ! -s "$key" ]; then
        new=$(mktemp "$folder/.jwt.XXXXXX")
        head -c 64 /dev/urandom >"$new"
        mv "$new" "$key"
        has_new_key=true
        log "made the key $key"
    fi
    chown slurm: "$key"
    chmod 0600 "$key"
}

restart_controller() {
    local _
    quietly systemctl restart slurmctld
    for _ in {1..300}; do
        ! "$SLURM/bin/scontrol" ping 2>/dev/null | grep -q 'is UP' || return 0
        sleep 0.1
    done
    fail "slurmctld does not answer after its restart: see /var/log/slurmctld.log"
}

# Adds what Slurm's configuration lacks: tokens, where the cluster's own does not turn them on, and a
# journal of the jobs that end, where they are not noted elsewhere.
configure_slurm() {
    local lines=()
    if [ -z "$(slurm_setting AuthAltTypes)" ]; then
        lines+=("AuthAltTypes=auth/jwt" "AuthAltParameters=jwt_key=$(key_path)")
    fi
    case $(job_completion) in
        '' | jobcomp/none)
            # Without its folder slurmctld would not start.
            install -d -o slurm -g slurm -m 0700 "${JOURNAL%/*}"
            lines+=("JobCompType=jobcomp/filetxt" "JobCompLoc=$JOURNAL")
            ;;
    esac
    if [ ${#lines[@]} != 0 ]; then
        { echo; printf '%s\n' "${lines[@]}"; } >>"$SLURM/etc/slurm.conf"
        log "added to slurm.conf: ${lines[*]}"
    elif goes_by_it; then
        return
    fi
    restart_controller
}

# Whether slurmctld, if it runs, goes by the key and the configuration that are there, and writes a
# journal that can be read: it does not after one of them was taken away behind its back.
goes_by_it() {
    local types
    types=$(running_setting AuthAltTypes)
    [ -n "$types" ] || return 0
    [[ $types == *auth/jwt* ]] && [ "$has_new_key" = false ] || return 1
    [ "$(running_setting JobCompLoc)" != "$JOURNAL" ] || [ -e "$JOURNAL" ] || {
        install -d -o slurm -g slurm -m 0700 "${JOURNAL%/*}"
        return 1
    }
}

# Whether the cluster has an accounting database behind a slurmdbd of its own.
has_accounting() {
    [ -e "$SLURM/etc/slurmdbd.conf" ] &&
        [ "$(slurm_setting AccountingStorageType)" = accounting_storage/slurmdbd ]
}

# slurmdbd checks the tokens that slurmrestd shows it by itself, with the same key.
configure_accounting() {
    local file=$SLURM/etc/slurmdbd.conf
    has_accounting || return 0
    if ! grep -qi '^[[:space:]]*AuthAltTypes' "$file"; then
        printf '\n%s\n' AuthAltTypes=auth/jwt "AuthAltParameters=jwt_key=$(key_path)" >>"$file"
        log "added to slurmdbd.conf: AuthAltTypes and AuthAltParameters"
    elif [ "$has_new_key" = false ]; then
        return
    fi
    # The API works without it.
    quietly systemctl restart slurmdbd || log "slurmdbd does not start again"
}

# Amazon Linux 2023 images before ParallelCluster 3.16.0 have libhttp_parser where the dynamic
# linker does not look, and slurmrestd does not start.
find_libraries() {
    local library path
    for library in $(missing_libraries); do
        path=$(find /usr/local /opt -name "$library" -print -quit 2>/dev/null)
        [ -n "$path" ] || fail "slurmrestd needs $library, which this image does not have"
        echo "${path%/*}" >>/etc/ld.so.conf.d/hpcapi-slurm.conf
        log "told the linker of ${path%/*} for $library"
    done
    ldconfig
    [ -z "$(missing_libraries)" ] || fail "slurmrestd still misses $(missing_libraries | xargs)"
}

missing_libraries() {
    local binaries=("$SLURM/sbin/slurmrestd")
    compgen -G "$SLURM/lib/slurm/http_parser*.so" >/dev/null &&
        binaries+=("$SLURM"/lib/slurm/http_parser*.so)
    ldd "${binaries[@]}" | sed -n 's/^[[:space:]]*\([^ ]*\) => not found.*/\1/p' | sort -u
}

# Prints the option that names slurmrestd's plug-ins. Without an accounting database the ones
# that need it keep some versions from starting; API versions are never pinned.
plugin_option() {
    local folder=$SLURM/lib/slurm plugins
    ! has_accounting || return 0
    plugins=openapi/slurmctld
    if [ ! -e "$folder/openapi_slurmctld.so" ]; then
        plugins=$(find "$folder/" -name 'openapi_v*.so' -printf '%f\n' | sort |
            sed 's,openapi_v\(.*\)\.so,openapi/v\1,; s/_/./g' | paste -sd,)
    fi
    echo "-s $plugins"
}

write_slurmrestd() {
    put /etc/systemd/system/slurmrestd.service slurmrestd <<END
[Unit]
Description=Slurm REST API on a unix socket
After=network.target munge.service slurmctld.service
StartLimitIntervalSec=0

[Service]
User=$REST_USER
Group=$REST_USER
Environment=SLURM_CONF=$SLURM/etc/slurm.conf SLURM_JWT=daemon
Environment=SLURMRESTD_JSON=compact MALLOC_ARENA_MAX=1
$(logged slurmrestd "$SLURM/sbin/slurmrestd -a rest_auth/jwt $(plugin_option) unix:$SOCKET")
RuntimeDirectory=slurmrestd
RuntimeDirectoryMode=0750
UMask=0007
Restart=always
RestartSec=1
# A list of very many jobs takes gigabytes. Slurm itself comes first.
MemoryMax=50%
OOMScoreAdjust=500
$(hardening)

[Install]
WantedBy=multi-user.target
END
}

# logged NAME COMMAND: prints what has a unit run a command whose words go to the log of that name.
logged() {
    local file=$LOGS/$1.log
    if [ "$(systemd_version)" -ge 240 ]; then
        printf '%s\n' "ExecStart=$2" "StandardOutput=append:$file" "StandardError=append:$file"
    else
        # The systemd of RHEL 8 and Rocky Linux 8 appends to no file.
        printf '%s\n' "ExecStart=/bin/bash -c 'exec $2 >>$file 2>&1'" "ReadWritePaths=$LOGS"
    fi
}

systemd_version() {
    systemctl --version | sed -n '1s/^systemd \([0-9]*\).*/\1/p'
}

hardening() {
    cat <<END
NoNewPrivileges=yes
CapabilityBoundingSet=
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
LockPersonality=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
END
}

# Another program may hold the locks of the package manager: what updates a machine at its boot does
# so for minutes. It is waited for; any other failure is tried three times.
install_nginx() {
    local tries=3 output deadline=$((SECONDS + LOCK_PATIENCE))
    ! command -v nginx >/dev/null || return 0
    until command -v nginx >/dev/null; do
        log "installing nginx"
        output=$(install_package nginx 2>&1) || true
        printf '%s\n' "$output" >>"$LOG"
        ! command -v nginx >/dev/null || break
        if is_about_a_lock "$output" && [ "$SECONDS" -lt "$deadline" ]; then
            log "another program installs packages: waiting for it to end"
        else
            tries=$((tries - 1))
            [ "$tries" -gt 0 ] || fail "nginx could not be installed: see $LOG"
        fi
        sleep 3
    done
    # Debian and Ubuntu start what they install, on port 80.
    command -v dnf >/dev/null || quietly systemctl disable --now nginx || true
}

install_package() {
    if command -v dnf >/dev/null; then
        # It waits for its own lock, and says so.
        timeout 180 dnf install -y "$1"
        return
    fi
    export DEBIAN_FRONTEND=noninteractive
    timeout 60 apt-get update -q || true
    timeout 240 apt-get install -y -q --no-install-recommends -o DPkg::Lock::Timeout=60 "$1"
}

is_about_a_lock() {
    grep -Eiq 'could not get lock|unable to (acquire|lock)|transaction lock|waiting for (process with pid|cache lock)' <<<"$1"
}

make_user() {
    getent passwd "$1" >/dev/null ||
        quietly useradd --system --user-group --no-create-home --home-dir /nonexistent \
            --shell "$(command -v nologin)" "$1"
    # slurmrestd may be in no group but its own.
    quietly usermod --groups '' "$1"
}

write_proxy() {
    put "$OWN/nginx.conf" hpcapi-proxy < <(nginx_conf)
    put /etc/systemd/system/hpcapi-proxy.service hpcapi-proxy <<END
[Unit]
Description=Proxy on port $PORT in front of slurmrestd
After=network.target slurmrestd.service
StartLimitIntervalSec=0

[Service]
User=$PROXY_USER
Group=$PROXY_USER
SupplementaryGroups=$REST_USER
ExecStart=$(command -v nginx) -c $OWN/nginx.conf
ExecReload=/bin/kill -HUP \$MAINPID
RuntimeDirectory=hpcapi-proxy
RuntimeDirectoryMode=0700
ReadWritePaths=$LOGS
Restart=always
RestartSec=1
$(hardening)

[Install]
WantedBy=multi-user.target
END
}

nginx_conf() {
    cat <<END
daemon off;
worker_processes auto;
pid /run/hpcapi-proxy/nginx.pid;
error_log $LOGS/proxy-error.log error;

events {
    worker_connections 1024;
}
END
    cat <<'END'

http {
    server_tokens off;
    default_type application/octet-stream;
    client_body_temp_path /run/hpcapi-proxy/body;
    proxy_temp_path /run/hpcapi-proxy/proxy;
    fastcgi_temp_path /run/hpcapi-proxy/fastcgi;
    uwsgi_temp_path /run/hpcapi-proxy/uwsgi;
    scgi_temp_path /run/hpcapi-proxy/scgi;

    # Who asks. API Gateway names its client last in Forwarded, a load balancer its own last in
    # X-Forwarded-For; the address that connects is the load balancer's for everybody.
    map $http_x_forwarded_for $balanced_client {
        "~([^, ]+) *$" $1;
        default $remote_addr;
    }
    map $http_forwarded $client {
        "~*for=\"?\[?([0-9a-f.:]+)[^,]*$" $1;
        default $balanced_client;
    }
    limit_req_zone $client zone=clients:4m rate=300r/s;
    limit_req_status 429;
    limit_req_log_level info;

    # slurmrestd refuses a request that has both kinds of credentials, and every Authorization
    # but Bearer. Requests that are signed for AWS have one of those.
    map $http_authorization $bearer {
        "~*^Bearer " $http_authorization;
        default "";
    }
    map $http_x_slurm_user_token $authorization {
        "" $bearer;
        default "";
    }
    # It refuses JSON with a charset, too.
    map $http_content_type $plain_content_type {
        "~*^application/json *;" application/json;
        default $http_content_type;
    }

    # It writes compact JSON only to those who send an Accept header.
    map $http_accept $accept {
        "" application/json;
        default $http_accept;
    }

    # No headers and no query: nothing in it can be used to log in.
    log_format hpcapi escape=json '{"time":"$time_iso8601","client":"$client",'
        '"method":"$request_method","path":"$uri","status":$status,'
        '"bytes":$body_bytes_sent,"seconds":$request_time}';

    gzip on;
    gzip_types application/json;
    gzip_proxied any;
    gzip_vary on;
    gzip_min_length 1000;
    gzip_comp_level 3;

    upstream slurmrestd {
END
    cat <<END
        server unix:$SOCKET;
    }

    server {
        listen $PORT;
        access_log $LOGS/access.log hpcapi;
END
    cat <<'END'
        client_max_body_size 10m;
        client_body_buffer_size 256k;
        large_client_header_buffers 4 16k;

        proxy_http_version 1.1;
        # A whole body, with its length: slurmrestd does not take chunks.
        proxy_request_buffering on;
        # API Gateway gives up after 30 s, and its answer says less than ours.
        proxy_connect_timeout 2s;
        proxy_read_timeout 29s;
        proxy_send_timeout 29s;
        # A submit that is repeated is a second job.
        proxy_next_upstream off;
        proxy_max_temp_file_size 256m;
        proxy_set_header Host localhost;
        proxy_set_header Connection close;
        proxy_set_header Accept $accept;
        proxy_set_header Accept-Encoding "";
        proxy_set_header Authorization $authorization;
        proxy_set_header Content-Type $plain_content_type;
        proxy_set_header X-Amz-Security-Token "";

        error_page 413 @too_large;
        error_page 429 @too_many;
        error_page 502 @unreachable;
        error_page 504 @too_slow;

        location / {
            limit_req zone=clients burst=1500 nodelay;
            proxy_pass http://slurmrestd;
        }
        # A GET that really reconfigures the cluster.
        location ~ ^/slurm/[^/]+/reconfigure(/|$) {
            return 403;
        }
        location = /healthz {
            access_log off;
            proxy_pass http://slurmrestd;
        }

        location @too_large {
            default_type application/json;
            return 413 '{"errors":[{"error":"Body too large","description":"the head node takes 10 MB","source":"hpcapi-proxy"}]}';
        }
        location @too_many {
            default_type application/json;
            add_header Retry-After 1 always;
            return 429 '{"errors":[{"error":"Too many requests","description":"the head node takes 300 requests a second of one client","source":"hpcapi-proxy"}]}';
        }
        location @unreachable {
            default_type application/json;
            return 502 '{"errors":[{"error":"slurmrestd is down","description":"slurmrestd does not answer on the head node","source":"hpcapi-proxy"}]}';
        }
        location @too_slow {
            default_type application/json;
            return 504 '{"errors":[{"error":"Slurm is slow","description":"slurmrestd did not answer within 29 s: slurmctld may be down","source":"hpcapi-proxy"}]}';
        }
    }
}
END
}

# A user who cancels somebody else's job over REST can hang slurmctld for good: it then takes
# connections and never answers (seen with Slurm 24.11 to 26.05).
write_watchdog() {
    put_as 0755 /usr/local/sbin/hpcapi-watchdog <<'END'
#!/bin/bash
# Restarts a slurmctld that takes connections, but has answered nothing three times in a row.
# One that is stopped or starting does not take any, and is left alone.
set -u
readonly GRACE=30 PATIENCE=10
port=$(cat /opt/slurm/etc/*.conf | sed -En 's/^SlurmctldPort=([0-9]+).*/\1/Ip' | tail -n 1)

main_pid() {
    systemctl show --property MainPID --value slurmctld
}

has_settled() {
    local since now
    since=$(systemctl show --property ActiveEnterTimestampMonotonic --value slurmctld)
    read -r now _ </proc/uptime
    [ "$((${now%.*} - since / 1000000))" -ge "$GRACE" ]
}

# Asks for a job, and so for the lock that hangs. That there is no such job is an answer; so is
# every complaint but silence, and silence where nothing takes connections is a start.
answers() {
    timeout "$PATIENCE" /opt/slurm/bin/scontrol show job 1 >/dev/null 2>&1
    [ $? != 124 ] || is_closed
}

is_closed() {
    timeout 2 bash -c "exec 3<>/dev/tcp/127.0.0.1/${port:-6817}" 2>/dev/null
    [ $? = 1 ]
}

pid=$(main_pid)
systemctl --quiet is-active slurmctld && has_settled || exit 0
for _ in 1 2 3; do
    ! answers || exit 0
    sleep 1
done
systemctl --quiet is-active slurmctld && [ "$(main_pid)" = "$pid" ] || exit 0
echo "slurmctld (process $pid) does not answer: restarting it"
# It would not end when asked to.
systemctl kill --signal=KILL slurmctld
systemctl restart slurmctld
END
    put /etc/systemd/system/hpcapi-watchdog.service <<END
[Unit]
Description=Restarts a slurmctld that hangs

[Service]
Type=oneshot
$(logged watchdog /usr/local/sbin/hpcapi-watchdog)
LogLevelMax=notice
END
    put /etc/systemd/system/hpcapi-watchdog.timer hpcapi-watchdog.timer <<'END'
[Unit]
Description=Looks every few seconds whether slurmctld answers

[Timer]
OnActiveSec=10s
OnUnitInactiveSec=10s
AccuracySec=1s

[Install]
WantedBy=timers.target
END
}

prepare_logs() {
    local file
    mkdir -p "$LOGS"
    for file in access.log proxy-error.log; do
        touch "$LOGS/$file"
        chown "$PROXY_USER:" "$LOGS/$file"
    done
    touch "$LOGS/slurmrestd.log"
    chown "$REST_USER:" "$LOGS/slurmrestd.log"
    put /etc/logrotate.d/hpcapi <<END
$LOGS/*.log {
    size 20M
    rotate 4
    compress
    missingok
    notifempty
    copytruncate
}
END
}

# Adds the logs to the log group of the cluster, where the CloudWatch agent sends its own.
ship_logs() {
    local agent=/opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl group name files=()
    [ -x "$agent" ] || return 0
    group=$(sed -n 's/.*"log_group_name": *"\([^"]*\)".*/\1/p' /etc/chef/dna.json | head -n 1)
    [ -n "$group" ] && [ "$group" != NONE ] || return 0
    for name in slurmrestd access proxy-error watchdog record-jobs; do
        files+=("{\"file_path\": \"$LOGS/$name.log\", \"log_group_name\": \"$group\",
            \"log_stream_name\": \"${HOSTNAME%%.*}.{instance_id}.hpcapi-$name\"}")
    done
    put "$OWN/cloudwatch-agent.json" <<END
{"logs": {"logs_collected": {"files": {"collect_list": [
$(IFS=,; echo "${files[*]}")
]}}}}
END
    # The API works without it: no reason to fail the cluster.
    quietly "$agent" -a append-config -m ec2 -s -c "file:$OWN/cloudwatch-agent.json" ||
        log "the CloudWatch agent did not take the logs: see $LOG"
}

start_units() {
    local unit own=(slurmrestd hpcapi-proxy hpcapi-watchdog.timer)
    quietly systemctl daemon-reload
    for unit in munge slurmctld "${own[@]}"; do
        quietly systemctl unmask "$unit" || true
        quietly systemctl unmask --runtime "$unit" || true
    done
    # They run, and would not after the next boot.
    quietly systemctl enable munge slurmctld || log "munge or slurmctld cannot be enabled"
    quietly systemctl enable --now "${own[@]}"
    for unit in $(printf '%s\n' "${changed[@]}" | sort -u); do
        quietly systemctl restart "$unit"
    done
}

# ask PATH [TOKEN]: requests PATH on port 6830, prints the answer and then its status. The
# token goes through a pipe: arguments can be read by everybody on the machine.
ask() {
    local credentials=
    [ $# = 1 ] || printf -v credentials 'header = "X-SLURM-USER-%s: %s"\n' \
        NAME "$REST_USER" TOKEN "$2"
    printf '%s' "$credentials" | curl --silent --max-time 20 --config - \
        --write-out '\n%{http_code}' "http://127.0.0.1:$PORT$1" || true
}

# Proves that the API answers those who have a token, and nobody else.
check_api() {
    local token version status _ deadline=$((SECONDS + 45))
    token=$("$SLURM/bin/scontrol" token "username=$REST_USER" lifespan=120 2>>"$LOG" |
        sed -n 's/^SLURM_JWT=//p') || true
    [ -n "$token" ] || fail "Slurm mints no token (scontrol token): see $LOG"
    while :; do
        version=$(ask /openapi/v3 "$token" | tr -d '\134' | grep -Eo '/slurm/v[0-9.]+/diag' |
            sort -Vu | tail -n 1) || true
        status=$(ask "${version:-/openapi/v3}" "$token" | tail -n 1)
        [ -z "$version" ] || [ "$status" != 200 ] || break
        [ "$SECONDS" -lt "$deadline" ] ||
            fail "GET ${version:-/openapi/v3} on port $PORT answers $status to a good token, not 200:" \
                "see $LOGS/slurmrestd.log and $LOGS/proxy-error.log"
        sleep 0.2
    done
    status=$(ask "$version" | tail -n 1)
    [ "$status" = 401 ] ||
        fail "GET $version on port $PORT answers $status without a token, not 401"
    log "GET $version on port $PORT answers 200 with a token and 401 without"
    api=${version%/diag}
}

# Starts what remembers ended jobs in the bucket. Where Slurm notes them elsewhere, it says that there.
remember_jobs() {
    local journal='' is_own=true
    if [ -z "$bucket" ]; then
        log "$CLUSTER_CONFIG names no bucket of hpcapi"
        return 1
    fi
    [ "$(job_completion)" != jobcomp/filetxt ] || journal=$(running_setting JobCompLoc)
    [ "$journal" = "$JOURNAL" ] || is_own=false
    put "$RECORDER" < <(program RECORDER)
    put "$OWN/record-jobs.json" <<END
{"bucket": "$bucket", "region": "$(node_setting cfn_region)",
 "instance": "$(instance_id)", "job_path": "$api/job",
 "journal": "$journal", "is_own_journal": $is_own,
 "script": "$(sha256sum "$0" | cut -c 1-16)"}
END
    put /etc/systemd/system/hpcapi-record-jobs.service <<END
[Unit]
Description=Remembers ended jobs in the bucket
StartLimitIntervalSec=0

[Service]
Type=oneshot
$(logged record-jobs "$(find_python) $RECORDER")
Nice=10
LogLevelMax=notice
END
    put /etc/systemd/system/hpcapi-record-jobs.timer hpcapi-record-jobs.timer <<'END'
[Unit]
Description=Looks for ended jobs, well before Slurm forgets them

[Timer]
OnActiveSec=20s
OnUnitInactiveSec=20s
AccuracySec=1s

[Install]
WantedBy=timers.target
END
    quietly systemctl daemon-reload
    quietly systemctl enable --now hpcapi-record-jobs.timer
    quietly systemctl start hpcapi-record-jobs ||
        log "ended jobs are not sent to the bucket yet: see $LOGS/record-jobs.log"
}

# Puts the program there that carries out what callers without a token may ask for over SSM.
take_operations() {
    local user
    user=$(node_setting cfn_cluster_user)
    if [ -z "$bucket" ] || [ -z "$user" ]; then
        log "operations need a bucket of hpcapi and the cluster's default user"
        return 1
    fi
    put "$OWN/operate.json" <<END
{"bucket": "$bucket", "region": "$(node_setting cfn_region)",
 "api": "$api", "plugins": "$(plugin_option)", "rest_user": "$REST_USER", "user": "$user"}
END
    put "$OWN/take_events.py" < <(program TAKER)
    put_as 0755 "$OPERATOR" < <(echo "#!$(find_python) -I"; program OPERATOR | tail -n +2)
}

# node_setting NAME: prints what ParallelCluster notes on its nodes.
node_setting() {
    sed -n "s/^$1=//p" /etc/parallelcluster/cfnconfig
}

# Prints the Python of this image.
find_python() {
    compgen -G "/usr/bin/python3" || compgen -G "/usr/libexec/platform-python" ||
        compgen -G "/opt/parallelcluster/pyenv/versions/*/bin/python3" | head -n 1
}

# program NAME: prints the program of that name, which stands behind this script.
program() {
    sed "1,/^: <<'END_OF_$1'\$/d; /^END_OF_$1\$/,\$d" "$0"
}

instance_id() {
    local service=http://169.254.169.254/latest token
    token=$(curl --silent --max-time 5 --retry 3 --request PUT "$service/api/token" \
        --header "X-aws-ec2-metadata-token-ttl-seconds: 60") || true
    curl --silent --max-time 5 --retry 3 "$service/meta-data/instance-id" \
        --header "X-aws-ec2-metadata-token: $token" || true
}

main "$@"
