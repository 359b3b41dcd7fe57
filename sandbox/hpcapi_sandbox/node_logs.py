"""Sends a head node's logs to the cluster's CloudWatch log group, as its agent does on AWS."""

from __future__ import annotations

import logging
import time
from typing import Any

from ministack.services import cloudwatch_logs

from .node import Node

logger = logging.getLogger("hpcapi.node_logs")

_CONSOLE = "cloud-init-output"
# The file and the name that ends its log stream.
_FILES = {
    "/var/log/cfn-init.log": "cfn-init",
    "/var/log/chef-client.log": "chef-client",
    "/var/log/cloud-init-output.log": _CONSOLE,
    "/var/log/cloud-init.log": "cloud-init",
    "/var/log/parallelcluster/bootstrap_error_msg": "bootstrap_error_msg",
    "/var/log/parallelcluster/clustermgtd": "clustermgtd",
    "/var/log/slurmctld.log": "slurmctld",
    "/var/log/slurmdbd.log": "slurmdbd",
}
_TAIL_BYTES = 256 * 1024
_EVENTS_AT_ONCE = 1000


def ship(node: Node, instance: dict[str, Any], group: str) -> None:
    """Sends what the files hold now. What is missing or unreadable is left out."""
    host = instance["PrivateDnsName"].partition(".")[0]
    for path, name in _FILES.items():
        try:
            done = node.execute(["tail", "-c", str(_TAIL_BYTES), path], timeout=60)
        except Exception as error:
            logger.info("no logs of %s: %s", instance["InstanceId"], error)
            return
        if done.returncode == 0 and done.stdout:
            text = done.stdout.decode("utf-8", "replace")
            if name == _CONSOLE:
                instance["_console"] = text  # cloud-init prints there, too
            if group in cloudwatch_logs._log_groups:
                _put(group, f"{host}.{instance['InstanceId']}.{name}", text.splitlines())


def _put(group: str, stream: str, lines: list[str]) -> None:
    names = {"logGroupName": group, "logStreamName": stream}
    cloudwatch_logs._delete_log_stream(names)
    cloudwatch_logs._create_log_stream(names)
    now = int(time.time() * 1000)
    for start in range(0, len(lines), _EVENTS_AT_ONCE):
        events = [
            {"timestamp": now, "message": line}
            for line in lines[start : start + _EVENTS_AT_ONCE]
            if line
        ]
        cloudwatch_logs._put_log_events({**names, "logEvents": events})
