"""Head nodes of ParallelCluster: they boot, bootstrap themselves and signal their stack."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import re
import threading
import time
import urllib.parse
import urllib.request
from typing import Any

from ministack.core.responses import get_region
from ministack.services import cloudformation as stack_store
from ministack.services import ec2 as ec2_store
from ministack.services import iam, s3
from ministack.services.cloudformation import wait_conditions

from . import (
    bucket_policies,
    buckets,
    clock,
    cluster_updates,
    fleet_status,
    instance_roles,
    machines,
    stored_secrets,
)
from .cloudformation.resource_types import Properties, slow_deletes
from .ec2 import instances, query
from .identifiers import new_id

logger = logging.getLogger("hpcapi.head_nodes")

_S3_URLS = (
    re.compile(r"s3://(?P<bucket>[^/]+)/(?P<key>.+)"),
    re.compile(r"https://(?P<bucket>[^/]+?)\.s3[.-][^/]*amazonaws\.com/(?P<key>[^?]+)"),
    re.compile(r"https://s3[.-][^/]*amazonaws\.com/(?P<bucket>[^/]+)/(?P<key>[^?]+)"),
)
_DOWNLOAD_SECONDS = 60
_SHUT_DOWN_SECONDS = 10


def install() -> None:
    instances.on_launch.append(_launched)
    instances.on_stop.append(_stopped)
    slow_deletes["AWS::EC2::Instance"] = _terminate


async def _terminate(instance_id: str, properties: Properties) -> None:
    await clock.take("AWS::EC2::Instance", "delete")
    instance = ec2_store._instances.get(instance_id)
    if instance:
        instances.terminate(instance)
        await asyncio.to_thread(machines.remove, instance_id, _SHUT_DOWN_SECONDS)


def _launched(instance: dict[str, Any]) -> None:
    tags = {tag["Key"]: tag["Value"] for tag in query.tags_of(instance["InstanceId"])}
    if tags.get("parallelcluster:node-type") != "HeadNode":
        return
    instance["_boot"] = boot = new_id("boot")
    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(_run, instance, tags, boot), daemon=True).start()


def _stopped(instance: dict[str, Any]) -> None:
    instance.pop("_boot", None)
    machines.shut_down(instance["InstanceId"])


def _run(instance: dict[str, Any], tags: dict[str, str], boot: str) -> None:
    """The life of a head node from power-on to the signal."""
    from . import node_logs, node_services
    from .node import (
        BootstrapFailure,
        ClusterSpec,
        Ports,
        bootstrap,
        power_down_all,
        queue_names,
    )

    instance_id = instance["InstanceId"]
    stack = _stack(tags)
    parameters = cluster_updates.parameters_of(stack)
    started = time.monotonic()
    try:
        clock.wait("ec2:instance", "running")
        clock.wait("parallelcluster:head-node", "agent")
        if instance.get("_boot") != boot:
            return
        node = machines.boot(instance_id, instance["PrivateIpAddress"])
        cluster = ClusterSpec(
            name=tags["parallelcluster:cluster-name"],
            region=get_region(),
            config=cluster_updates.configuration(parameters),
            ports=instance.setdefault("_ports", Ports()),
            fetch=lambda url: fetch(url, instance),
            secret=stored_secrets.read,
        )
        first_queue = queue_names(cluster.config)[0]
        node_services.serve(node, instance, stack["StackName"], first_queue)
        if instance.get("_bootstrapped"):
            power_down_all(node, cluster.config)
            _serve(stack, node, instance, cluster)
            return
        instance["_bootstrapped"] = True
        began = time.monotonic()
        try:
            bootstrap(node, cluster)
            clock.wait("parallelcluster:head-node", "bootstrap", since=began)
        finally:
            node_logs.ship(node, instance, parameters.get("ClusterCWLogGroup", ""))
    except InterruptedError:
        return
    except BootstrapFailure as failure:
        logger.warning("%s: %s", instance_id, failure.reason)
        _signal(stack, instance_id, "FAILURE", failure.reason)
        return
    except Exception as error:
        if not machines.is_wanted(instance_id):
            return
        logger.exception("%s did not come up", instance_id)
        _signal(stack, instance_id, "FAILURE", f"the head node did not come up: {error}")
        return
    if instance.get("_boot") != boot:
        return
    logger.info("%s is up after %.1f s", instance_id, time.monotonic() - started)
    for table in _fleet_tables(stack):
        fleet_status.report(table, "RUNNING")
    _signal(stack, instance_id, "SUCCESS", "Head node is ready")
    _serve(stack, node, instance, cluster)


def _stack(tags: dict[str, str]) -> dict[str, Any]:
    wanted = tags.get("aws:cloudformation:stack-id")
    return next(one for one in stack_store._stacks.values() if one["StackId"] == wanted)


def fetch(url: str, instance: dict[str, Any]) -> bytes:
    """What an s3:// or https:// URL leads to; raises when there is nothing, when the role of the
    instance may not read it, or when not everybody may, of whom https:// comes as one."""
    for pattern in _S3_URLS:
        found = pattern.fullmatch(url)
        if found:
            key = urllib.parse.unquote(found["key"])
            if url.startswith("s3:"):
                _require_to_read(instance, found["bucket"], key)
            else:
                _require_to_be_public(found["bucket"], key)
            return buckets.read(found["bucket"], key)
    if not url.startswith("https://"):
        raise ValueError(f"only s3:// and https:// URLs are fetched, not {url}")
    with urllib.request.urlopen(url, timeout=_DOWNLOAD_SECONDS) as answer:
        return answer.read()


def _require_to_read(instance: dict[str, Any], bucket: str, key: str) -> None:
    action, resource = "s3:GetObject", f"arn:aws:s3:::{bucket}/{key}"
    denial = instance_roles.denial(instance, action, resource)
    policy = s3._bucket_policies.get(bucket)
    if not denial and policy:
        role = iam._roles[instance_roles.role_of(instance)]["Arn"]
        if bucket_policies.is_denied(policy, role, action, resource):
            denial = f"the policy of {bucket} denies {action} to {role}"
    if denial:
        raise PermissionError(denial)


def _require_to_be_public(bucket: str, key: str) -> None:
    action, resource = "s3:GetObject", f"arn:aws:s3:::{bucket}/{key}"
    policy = s3._bucket_policies.get(bucket)
    if not policy or not bucket_policies.allows_everybody(policy, action, resource):
        raise PermissionError(f"the policy of {bucket} does not allow {action} to everybody")


def _resources(stack: dict[str, Any], kind: str) -> list[str]:
    return [
        record["PhysicalResourceId"]
        for record in stack["_resources"].values()
        if record.get("ResourceType") == kind and record.get("PhysicalResourceId")
    ]


def _signal(stack: dict[str, Any], instance_id: str, status: str, reason: str) -> None:
    """What cfn-signal sends to the handle of the stack's wait condition."""
    message = {"Status": status, "UniqueId": instance_id, "Data": "", "Reason": reason}
    for url in _resources(stack, "AWS::CloudFormation::WaitConditionHandle"):
        token = wait_conditions.token_from_url(url)
        if token:
            wait_conditions.deliver_signal(token, message)


def _serve(stack: dict[str, Any], node: Any, instance: dict[str, Any], cluster: Any) -> None:
    """Has the machine do what pcluster asks of it, for as long as it runs: of its fleet, and by updates
    of the cluster's stack."""

    def is_up() -> bool:
        return machines.running(instance["InstanceId"]) is node

    for table in _fleet_tables(stack):
        context = contextvars.copy_context()
        updates = (cluster_updates.serve, stack, table, node, cluster, is_up)
        threading.Thread(target=context.run, args=updates, daemon=True).start()
        fleet_status.serve(table, node, cluster, is_up)


def _fleet_tables(stack: dict[str, Any]) -> list[str]:
    """The table with the status of the compute fleet; the other one is of its nodes."""
    tables = _resources(stack, "AWS::DynamoDB::Table")
    return [table for table in tables if not table.startswith("parallelcluster-slurm-")]
