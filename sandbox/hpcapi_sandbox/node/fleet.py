"""The compute fleet: what starts and stops compute nodes when Slurm asks for it.

On AWS Slurm's resume program launches instances and the daemon clustermgtd watches them. Here
each compute node is a real slurmd on the head node's machine, and a small clustermgtd, which
is root, starts and stops them for Slurm, which is not.
"""

from __future__ import annotations

from .. import clock
from .machine import File

_FIFO = "/run/parallelcluster/fleet"

# Says that clustermgtd is well; ParallelCluster's writes it once a minute (clustermgtd's configuration
# in its cookbook).
_HEARTBEAT = "/opt/slurm/etc/pcluster/.slurm_plugin/clustermgtd_heartbeat"

# ParallelCluster's daemons run under supervisord, in the environment of its cookbook.
_SUPERVISORCTL = (
    "/opt/parallelcluster/pyenv/versions/3.12.0/envs/cookbook_virtualenv/bin/supervisorctl"
)

_SUPERVISORCTL_PROGRAM = """\
#!/bin/bash
# The daemons' supervisor is systemd here: tells of them and starts them in supervisorctl's words.
case $1 in
    status)
        state=$(systemctl show --property ActiveState --value "$2")
        case $state in
            active) echo "$2 RUNNING pid $(systemctl show --property MainPID --value "$2"), uptime 0:01:00" ;;
            *) echo "$2 STOPPED Not started"; exit 3 ;;
        esac
        ;;
    start | stop | restart) systemctl "$1" "$2" && echo "$2: ${1}ed" ;;
    *) exit 2 ;;
esac
"""

_CLUSTERMGTD = f"""\
#!/bin/bash
# Starts and stops compute nodes: reads lines such as "start NODE NODE" from a pipe, and says now and
# then that it is well.
mkdir -p "$(dirname {_HEARTBEAT})"
while true; do
    date '+%F %T.%6N%z' >{_HEARTBEAT}
    read -r -t 30 action nodes || continue
    units=()
    for node in $nodes; do
        units+=("slurmd@$node.service")
    done
    systemctl --no-block "$action" "${{units[@]}}"
done <>{_FIFO}
"""

_CLUSTERMGTD_UNIT = f"""\
[Unit]
Description=Starts and stops the compute nodes for Slurm

[Service]
RuntimeDirectory=parallelcluster
ExecStartPre=/usr/bin/mkfifo -m 0600 {_FIFO}
ExecStartPre=/usr/bin/chown slurm {_FIFO}
ExecStart=/opt/parallelcluster/scripts/slurm/clustermgtd
Restart=always

[Install]
WantedBy=multi-user.target
"""

# -b: a slurmd that starts is a node that booted, or Slurm goes on waiting for the boot.
# A node has a host name of its own, as on AWS: MPI tells by it who is near.
_SLURMD_UNIT = """\
[Unit]
Description=Slurm node daemon of %i
After=munge.service network.target

[Service]
Type=simple
{boot}ExecStart=/usr/bin/unshare --uts /bin/sh -c 'hostname %i && exec /opt/slurm/sbin/slurmd -D -b -N %i'
ExecReload=/bin/kill -HUP $MAINPID
KillMode=process
LimitNOFILE=131072
LimitMEMLOCK=infinity
LimitSTACK=infinity
"""


def _program(action: str) -> str:
    """Slurm calls it with a node list such as queue1-dy-t3micro-[1-3]."""
    return f"""\
#!/bin/bash
# One line holds few enough nodes to reach the pipe in one piece.
/opt/slurm/bin/scontrol show hostnames "$1" | xargs -n 40 echo {action} >{_FIFO}
"""


# Slurm looks only every 30 s whether the nodes that a job waits for are up, but also whenever
# this program ends, which it runs for every job that it gives nodes to.
_PROLOG = """\
#!/bin/bash
for _ in {1..600}; do
    /opt/slurm/bin/scontrol show node "$SLURM_JOB_NODELIST" |
        grep -Eq 'State=[^ ]*(POWERED_DOWN|POWERING_UP|NOT_RESPONDING)' || exit 0
    sleep 0.1
done
"""


def boot_seconds() -> float:
    """How long a compute node boots, at the speed at which its head node comes up."""
    return clock.scaled(clock.seconds("parallelcluster:compute-node", "boot"))


def fleet_files() -> list[File]:
    """Returns the programs and units of the fleet."""
    boot = f"TimeoutStartSec=infinity\nExecStartPre=/bin/sleep {boot_seconds():.3f}\n"
    slurmd = _SLURMD_UNIT.replace("{boot}", boot if boot_seconds() else "")
    scripts = "/opt/parallelcluster/scripts/slurm"
    units = "/etc/systemd/system"
    return [
        File(f"{scripts}/clustermgtd", _CLUSTERMGTD.encode(), 0o755),
        File(_SUPERVISORCTL, _SUPERVISORCTL_PROGRAM.encode(), 0o755),
        File(f"{scripts}/slurm_resume", _program("start").encode(), 0o755),
        File(f"{scripts}/slurm_suspend", _program("stop").encode(), 0o755),
        File(f"{scripts}/wait_for_nodes", _PROLOG.encode(), 0o755),
        File(f"{units}/clustermgtd.service", _CLUSTERMGTD_UNIT.encode()),
        File(f"{units}/slurmd@.service", slurmd.encode()),
    ]
