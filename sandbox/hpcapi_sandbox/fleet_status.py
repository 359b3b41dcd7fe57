"""The status of a cluster's compute fleet, which pcluster and clustermgtd hand one another in a row
of a table: pcluster asks there for a start or a stop, and clustermgtd does it and says so.

As clustermgtd does, a stop makes every queue inactive and powers its nodes down, and a start opens
them again and starts the static nodes (`_manage_compute_fleet_status_transitions` of aws-parallelcluster-node). What somebody
sets with scontrol while the fleet runs stays.
"""

from __future__ import annotations

import json
import logging
import shlex
import subprocess
import time
from collections.abc import Callable
from datetime import datetime, timezone

from ministack.services import dynamodb

from .node import ClusterSpec, Node, NodeError, queue_names, start_static_nodes

logger = logging.getLogger("hpcapi.fleet_status")

_KEY = {"Id": {"S": "COMPUTE_FLEET"}}
_REST = 0.5
_COMMAND_SECONDS = 60

_OPEN = "scontrol update partitionname={queue} state=up"
# Nodes that are powered down already are refused, which does no harm.
_CLOSE = """\
scontrol update partitionname={queue} state=inactive
scontrol update nodename="$(sinfo --noheader --partition {queue} --format %N)" state=power_down_force
"""

# What is asked for: the status meanwhile, what is run for each queue, the status in the end.
_TRANSITIONS = {
    "START_REQUESTED": ("STARTING", _OPEN, "RUNNING"),
    "STOP_REQUESTED": ("STOPPING", _CLOSE, "STOPPED"),
}


def report(table: str, status: str) -> None:
    """Writes the status down, as clustermgtd does."""
    moment = datetime.now(timezone.utc).isoformat()
    data = {"M": {"status": {"S": status}, "lastStatusUpdatedTime": {"S": moment}}}
    dynamodb._put_item({"TableName": table, "Item": {**_KEY, "Data": data}})


def serve(table: str, node: Node, cluster: ClusterSpec, is_up: Callable[[], bool]) -> None:
    """Does what is asked for, while the head node is up."""
    while is_up():
        transition = _TRANSITIONS.get(asked(table))
        if transition:
            meanwhile, script, end = transition
            report(table, meanwhile)
            for queue in queue_names(cluster.config):
                _try(_run, node, script.format(queue=shlex.quote(queue)))
            if end == "RUNNING":
                _try(start_static_nodes, node, cluster.config)
            report(table, end)
        time.sleep(_REST)


def _try(work: Callable[..., object], *arguments: object) -> None:
    """Does something that goes wrong where the machine is going."""
    try:
        work(*arguments)
    except (NodeError, subprocess.TimeoutExpired):
        logger.exception("a part of the fleet stays as it is")


def asked(table: str) -> str:
    """The status of the fleet, or what it is asked for."""
    _, _, body = dynamodb._get_item({"TableName": table, "Key": _KEY})
    item = json.loads(body).get("Item", {})
    return item.get("Data", {}).get("M", {}).get("status", {}).get("S", "")


def _run(node: Node, script: str) -> None:
    path = {"PATH": "/opt/slurm/bin:/usr/bin:/bin"}
    done = node.execute(["sh", "-c", script], timeout=_COMMAND_SECONDS, env=path)
    if done.returncode:
        logger.info("%s", done.stderr.decode(errors="replace"))
