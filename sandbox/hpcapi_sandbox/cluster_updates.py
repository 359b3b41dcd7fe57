"""cfn-hup of a head node: when its cluster's stack has another configuration, the head node takes it up,
and signals the wait condition of the update.

The update's rollback is one more update to cfn-hup, whose wait condition is no longer waited for.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

import yaml
from ministack.services.cloudformation import wait_conditions

from . import buckets, clock, fleet_status
from .cloudformation import engine
from .node import ClusterSpec, Node, NodeError, UpdateFailed, update

logger = logging.getLogger("hpcapi.cluster_updates")

_REST = 0.2


def configuration(parameters: dict[str, str]) -> dict[str, Any]:
    """The cluster's configuration, from where pcluster put it, in the version that the stack names."""
    key = f"{parameters['ArtifactS3RootDirectory']}/configs/cluster-config.yaml"
    version = parameters.get("ConfigVersion", "")
    return yaml.safe_load(buckets.read(parameters["ResourcesS3Bucket"], key, version))


def parameters_of(stack: dict[str, Any]) -> dict[str, str]:
    """The parameters of a stack that is at rest."""
    return {one["ParameterKey"]: one["ParameterValue"] for one in stack["Parameters"]}


def serve(
    stack: dict[str, Any], table: str, node: Node, cluster: ClusterSpec, is_up: Callable[[], bool]
) -> None:
    """Takes up what updates of the stack say, while the head node is up."""
    applied = parameters_of(stack).get("ConfigVersion", "")
    while is_up():
        time.sleep(_REST)
        found = _metadata(stack)
        if not found:
            continue
        parameters, token = found
        version = parameters.get("ConfigVersion", "")
        if version == applied:
            continue
        clock.wait("parallelcluster:head-node", "update")
        if not is_up():
            return
        applied = version
        failure = _take_up(parameters, table, node, cluster)
        if token:
            status = "FAILURE" if failure else "SUCCESS"
            reason = "Update failed" if failure else "Update complete"
            message = {"Status": status, "UniqueId": "head-node", "Data": "", "Reason": reason}
            wait_conditions.deliver_signal(token, message)


def _metadata(stack: dict[str, Any]) -> tuple[dict[str, str], str] | None:
    """The parameters that the head node's metadata were made with, and the handle that they name; none
    while an update has not got as far as the head node."""
    status = stack["StackStatus"]
    if status == "UPDATE_IN_PROGRESS":
        operation = engine.running(stack["StackId"])
        token = next(
            (
                waiter["token"]
                for (stack_id, _), waiter in list(wait_conditions._waiting.items())
                if stack_id == stack["StackId"]
            ),
            "",
        )
        if not operation or not token:
            return None
        values = operation.view.parameters.items()
        return {name: str(value["Value"]) for name, value in values}, token
    if status.endswith("IN_PROGRESS") or status.startswith("DELETE"):
        return None
    return parameters_of(stack), ""


def _take_up(parameters: dict[str, str], table: str, node: Node, cluster: ClusterSpec) -> bool:
    """Has the head node do what the configuration says; returns whether that failed."""
    try:
        runs = fleet_status.asked(table) == "RUNNING"
        update(node, cluster, configuration(parameters), runs)
    except (UpdateFailed, NodeError, OSError) as error:
        logger.warning("%s is not updated: %s", cluster.name, error)
        return True
    return False
