"""What ParallelCluster's cookbook does on a head node, in its order."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import yaml

from . import accounting, boot_logs, custom_action, database, slurm_conf
from .fleet import boot_seconds, fleet_files
from .machine import Completed, File, Node
from .names import host_name

CONFIG_PATH = "/opt/parallelcluster/shared/cluster-config.yaml"
_ERROR_PATH = "/var/log/parallelcluster/bootstrap_error_msg"
_TROUBLESHOOTING = (
    "https://docs.aws.amazon.com/parallelcluster/latest/ug/troubleshooting-v3.html"
)
_STATIC_FLEET_SECONDS = 60
_SCONTROL = "/opt/slurm/bin/scontrol"


@dataclass
class ClusterSpec:
    """The cluster that a head node is to lead."""

    name: str
    region: str
    config: dict[str, Any]
    fetch: Callable[[str], bytes]  # gets s3://… or https://…; raises when it cannot
    secret: Callable[[str], str]  # gets a secret by its ARN; raises LookupError when it cannot
    ports: slurm_conf.Ports = field(default_factory=slurm_conf.Ports)  # of the nodes


class BootstrapFailure(Exception):
    """The head node did not come up; `reason` is what it signals to the stack, `command` what
    cfn-init calls the part that failed."""

    def __init__(self, reason: str, command: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.command = command


def bootstrap(node: Node, cluster: ClusterSpec) -> None:
    """Makes the booted machine the cluster's head node."""
    boot_logs.user_data_begins(node, cluster.name, cluster.region)
    try:
        _set_up(node, cluster)
    except BootstrapFailure as failure:
        boot_logs.user_data_fails(node, failure.command)
        raise


def _set_up(node: Node, cluster: ClusterSpec) -> None:
    _describe_cluster(node, cluster)
    _custom_action(node, cluster, "OnNodeStart")
    _configure_slurm(node, cluster)
    _custom_action(node, cluster, "OnNodeConfigured")
    _wait_for_static_fleet(node, cluster.config)


def _describe_cluster(node: Node, cluster: ClusterSpec) -> None:
    scripts = "/opt/parallelcluster/scripts"
    settings = {
        "stack_name": cluster.name,
        "cfn_preinstall": f'"{scripts}/fetch_and_run --execute-via-cfnconfig -preinstall"',
        "cfn_preinstall_args": "()",
        "cfn_postinstall": f'"{scripts}/fetch_and_run --execute-via-cfnconfig -postinstall"',
        "cfn_postinstall_args": "()",
        "cfn_region": cluster.region,
        "cfn_scheduler": "slurm",
        "cfn_scheduler_slots": "vcpus",
        "cfn_ephemeral_dir": "/scratch",
        "cfn_ebs_shared_dirs": "/shared",
        "cfn_proxy": "NONE",
        "cfn_node_type": "HeadNode",
        "cfn_cluster_user": "ec2-user",
        "cfn_volume": "",
    }
    cfnconfig = "".join(f"{key}={value}\n" for key, value in settings.items())
    config = yaml.safe_dump(cluster.config, sort_keys=False)
    node.write(
        [
            File("/etc/parallelcluster/cfnconfig", cfnconfig.encode()),
            File(CONFIG_PATH, config.encode()),
        ]
    )


def _custom_action(node: Node, cluster: ClusterSpec, event: str) -> None:
    try:
        custom_action.run(node, cluster.config, event, cluster.fetch)
    except custom_action.ActionFailed as failed:
        raise _failure(node, str(failed), custom_action.COMMANDS[event]) from failed
    except custom_action.ActionCrashed as crashed:
        raise BootstrapFailure(
            "Failed to bootstrap the head node. Please check /var/log/cfn-init.log and "
            "/var/log/chef-client.log in the head node or in CloudWatch logs. Please refer to "
            f"{_TROUBLESHOOTING}#troubleshooting-v3-get-logs for more details on "
            "ParallelCluster logs.",
            custom_action.COMMANDS[event],
        ) from crashed


def _configure_slurm(node: Node, cluster: ClusterSpec) -> None:
    config = cluster.config
    kept_in = database.database_of(config, cluster.name)
    version = node.execute(["/opt/slurm/sbin/slurmctld", "-V"]).stdout.decode()
    numbers = tuple(int(number) for number in re.findall(r"\d+", version))
    files = slurm_conf.slurm_files(cluster.name, numbers)
    key = secrets.token_bytes(128)
    node.write(
        [
            File("/etc/munge/munge.key", key, 0o400, "munge"),
            # From where the other nodes take it.
            File("/opt/parallelcluster/shared/.munge/.munge.key", key, 0o600),
            *(File(path, text.encode()) for path, text in files.items()),
            *config_files(node, cluster),
            *fleet_files(),
        ]
    )
    if kept_in:
        _configure_accounting(node, cluster, kept_in)
    started = shell(
        node,
        """
        systemctl daemon-reload
        systemctl --quiet enable munge slurmctld clustermgtd
        systemctl start munge clustermgtd slurmctld
        """,
    )
    # slurmctld ends within a moment when its configuration is not good.
    if started.returncode != 0 or not slurmctld_answers(node):
        raise chef_failure(
            node,
            "Failed to run chef recipe aws-parallelcluster-slurm::config_head_node.",
            "check slurmctld status",
            "systemctl is-active --quiet slurmctld.service",
        )
    static = slurm_conf.static_nodes(config)
    if static:
        node.execute([_SCONTROL, "update", f"nodename={','.join(static)}", "state=power_up"])


def config_files(node: Node, cluster: ClusterSpec) -> list[File]:
    """Returns the files of a head node that follow from the cluster's configuration."""
    config = cluster.config
    host = host_name(node.private_ip)
    hosts = (
        f"127.0.0.1 localhost\n{node.private_ip} {host}.ec2.internal {host}\n"
        + slurm_conf.hosts(config)
        + database.hosts(database.database_of(config, cluster.name))
    )
    files = slurm_conf.cluster_files(config, node.private_ip, cluster.ports)
    return [
        File("/etc/hosts", hosts.encode()),
        *(File(path, text.encode()) for path, text in files.items()),
    ]


def _configure_accounting(node: Node, cluster: ClusterSpec, kept_in: database.Database) -> None:
    try:
        accounting.configure(node, kept_in, cluster.name, cluster.region, cluster.secret)
    except accounting.AccountingFailed as failed:
        raise chef_failure(
            node,
            "Failed to run chef recipe aws-parallelcluster-slurm::config_slurm_accounting.",
            failed.resource,
            failed.command,
            failed.said,
        ) from failed


def slurmctld_answers(node: Node) -> bool:
    asked = shell(
        node,
        f"""
        for _ in $(seq 100); do
            {_SCONTROL} ping | grep -q 'is UP' && exit 0
            systemctl --quiet is-active slurmctld || exit 1
            sleep 0.05
        done
        exit 1
        """,
    )
    return asked.returncode == 0


def _wait_for_static_fleet(node: Node, config: dict[str, Any]) -> None:
    static = slurm_conf.static_nodes(config)
    if not static:
        return
    deadline = time.monotonic() + _STATIC_FLEET_SECONDS + boot_seconds()
    states = ["/opt/slurm/bin/sinfo", "-h", "-N", "-o", "%T", "-n", ",".join(static)]
    up = {"idle", "mixed", "allocated", "completing"}
    while time.monotonic() < deadline:
        found = node.execute(states)
        if found.returncode == 0 and set(found.stdout.decode().split()) <= up:
            return
        time.sleep(0.1)
    raise chef_failure(
        node,
        "Cluster has been set to PROTECTED mode due to failures detected in static node "
        "provisioning.",
        "wait for static fleet capacity",
        "/opt/parallelcluster/scripts/check_static_fleet",
    )


def chef_failure(
    node: Node, message: str, resource: str, check: str, said: str = ""
) -> BootstrapFailure:
    """What Chef says of a resource whose command fails, and what ParallelCluster signals."""
    boot_logs.append(
        node,
        "chef-client.log",
        f"""\
[{_time()}] INFO: Processing execute[{resource}] action run
================================================================================
Error executing action `run` on resource 'execute[{resource}]'
================================================================================

Mixlib::ShellOut::ShellCommandFailed
------------------------------------
Expected process to exit with [0], but received '1'
---- Begin output of {check} ----
STDOUT:
STDERR:{f' {said}' if said else ''}
---- End output of {check} ----
Ran {check} returned 1

[{_time()}] ERROR: Running exception handlers
[{_time()}] FATAL: Mixlib::ShellOut::ShellCommandFailed: execute[{resource}] had an error""",
    )
    return _failure(
        node,
        f"{message} Please check /var/log/chef-client.log in the head node, or check the "
        f"chef-client.log in CloudWatch logs. Please refer to {_TROUBLESHOOTING} for more details.",
        "chef",
    )


def _failure(node: Node, reason: str, command: str) -> BootstrapFailure:
    node.write([File(_ERROR_PATH, f"{reason}\n".encode())])
    return BootstrapFailure(reason, command)


def _time() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())


def shell(node: Node, script: str) -> Completed:
    return node.execute(["bash", "-c", script])
