"""What ParallelCluster's cookbook does on a head node when its cluster is updated, in its order.

As its recipe `update_head_node`: slurm.conf itself stays as the first boot wrote it, and slurmctld is
restarted only where the scheduling part of the configuration has changed.
"""

from __future__ import annotations

import shlex
from typing import Any

import yaml

from . import custom_action, slurm_conf
from .bootstrap import (
    CONFIG_PATH,
    ClusterSpec,
    chef_failure,
    config_files,
    shell,
    slurmctld_answers,
)
from .machine import File, Node

# What becomes of the nodes of a queue that has changed, by `QueueUpdateStrategy`.
_STATES = {"DRAIN": "POWER_DOWN_ASAP", "TERMINATE": "POWER_DOWN_FORCE"}
_SLURM = 'PATH="/opt/slurm/bin:$PATH"'


class UpdateFailed(Exception):
    """The head node did not do as its cluster's new configuration says."""


def update(node: Node, cluster: ClusterSpec, config: dict[str, Any], fleet_runs: bool) -> None:
    """Makes the head node what `config` says; it was what `cluster.config` says."""
    previous = cluster.config
    cluster.config = config
    node.write([File(CONFIG_PATH, yaml.safe_dump(config, sort_keys=False).encode())])
    if previous["Scheduling"] != config["Scheduling"]:
        _configure_slurm(node, cluster, previous, fleet_runs)
    try:
        custom_action.run(node, config, "OnNodeUpdated", cluster.fetch)
    except (custom_action.ActionFailed, custom_action.ActionCrashed) as error:
        raise UpdateFailed(str(error)) from error


def _configure_slurm(
    node: Node, cluster: ClusterSpec, previous: dict[str, Any], fleet_runs: bool
) -> None:
    config = cluster.config
    _replace_nodes(node, config, previous)
    node.write(config_files(node, cluster))
    kept = {name for group in slurm_conf.node_groups(config) for name in group.names}
    gone = [
        name
        for group in slurm_conf.node_groups(previous)
        for name in group.names
        if name not in kept
    ]
    # Their instances are terminated: no node has their name any more.
    for start in range(0, len(gone), 40):
        units = " ".join(f"slurmd@{name}.service" for name in gone[start : start + 40])
        shell(node, f"systemctl stop {units}")
    restarted = shell(node, "systemctl restart slurmctld")
    if restarted.returncode != 0 or not slurmctld_answers(node):
        chef_failure(
            node,
            "Failed to run chef recipe aws-parallelcluster-slurm::update_head_node.",
            "check slurmctld status",
            "systemctl is-active --quiet slurmctld.service",
        )
        raise UpdateFailed("slurmctld does not run with the new configuration")
    shell(node, f"{_SLURM} scontrol reconfigure")
    if fleet_runs:
        start_static_nodes(node, config)


def start_static_nodes(node: Node, config: dict[str, Any]) -> None:
    """Starts the static nodes that are not up, as clustermgtd does while the fleet runs."""
    static = slurm_conf.static_nodes(config)
    if not static:
        return
    names = shlex.quote(",".join(static))
    shell(
        node,
        f"""
        {_SLURM}
        down=$(sinfo --noheader --Node --format '%N %T' --nodes {names} |
            awk '$2 ~ /[~%]$/ || $2 ~ /^(down|power)/ {{print $1}}' | sort -u | paste -sd,)
        [ -z "$down" ] || scontrol update nodename="$down" state=power_up
        """,
    )


def power_down_all(node: Node, config: dict[str, Any]) -> None:
    """Tells Slurm that no node is up: they went with the machine. On AWS clustermgtd finds that there is
    no instance behind them."""
    if not slurmctld_answers(node):
        return
    for queue in slurm_conf.queue_names(config):
        nodes = f'"$(sinfo --noheader --partition {shlex.quote(queue)} --format %N)"'
        # Those that are powered down already are refused, which does no harm.
        shell(node, f"{_SLURM}; scontrol update nodename={nodes} state=power_down_force")


def _replace_nodes(node: Node, config: dict[str, Any], previous: dict[str, Any]) -> None:
    """Has the nodes of changed queues go, if the configuration says so; more nodes are no change."""
    settings = config["Scheduling"].get("SlurmSettings") or {}
    state = _STATES.get(settings.get("QueueUpdateStrategy", ""))
    if not state:
        return
    before = {queue["Name"]: queue for queue in previous["Scheduling"]["SlurmQueues"]}
    for queue in config["Scheduling"]["SlurmQueues"]:
        name = queue["Name"]
        if name in before and _without_counts(queue) != _without_counts(before[name]):
            nodes = f'"$(sinfo --noheader --partition {shlex.quote(name)} --format %N)"'
            shell(
                node,
                f"{_SLURM}; scontrol update nodename={nodes} state={state}"
                " reason='updating node state during cluster update'",
            )


def _without_counts(queue: dict[str, Any]) -> dict[str, Any]:
    resources = [
        {key: value for key, value in resource.items() if key not in ("MinCount", "MaxCount")}
        for resource in queue.get("ComputeResources") or []
    ]
    return {**queue, "ComputeResources": resources}
