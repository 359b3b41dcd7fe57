"""Which instances SSM knows: those whose machine is up, and whose role lets their agent register."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ministack.services import ec2 as ec2_store

from .. import instance_roles, machines
from ..aws_error import AwsError
from .paging import paged


def is_online(instance_id: str) -> bool:
    """Whether the instance is the account's and its agent answers."""
    instance = ec2_store._instances.get(instance_id)
    return bool(instance) and machines.is_up(instance_id) and instance_roles.is_managed(instance)


def describe_instance_information(asked: dict[str, Any]) -> dict[str, Any]:
    chosen = sorted(ec2_store._instances)
    filters = [(one.get("Key"), one.get("Values")) for one in asked.get("Filters") or []]
    filters += [
        (one.get("key"), one.get("valueSet"))
        for one in asked.get("InstanceInformationFilterList") or []
    ]
    for key, values in filters:
        keep = _FILTERS.get(key) or _tag_filter(str(key))
        chosen = [instance_id for instance_id in chosen if keep(instance_id, values or [])]
    entries = [
        _information(ec2_store._instances[instance_id])
        for instance_id in chosen
        if is_online(instance_id)
    ]
    return paged({"MaxResults": 10, **asked}, "InstanceInformationList", entries)


_FILTERS: dict[Any, Callable[[str, list[str]], bool]] = {
    "InstanceIds": lambda instance_id, values: instance_id in values,
    "PingStatus": lambda instance_id, values: "Online" in values,
    "PlatformTypes": lambda instance_id, values: "Linux" in values,
    "ResourceType": lambda instance_id, values: "EC2Instance" in values,
}


def _tag_filter(key: str) -> Callable[[str, list[str]], bool]:
    if not key.startswith("tag:"):
        raise AwsError("InvalidInstanceInformationFilterValue", f"Invalid filter key {key}")
    return lambda instance_id, values: any(
        tag["Key"] == key[4:] and tag["Value"] in values
        for tag in ec2_store._tags.get(instance_id) or []
    )


def _information(instance: dict[str, Any]) -> dict[str, Any]:
    return {
        "InstanceId": instance["InstanceId"],
        "PingStatus": "Online",
        "LastPingDateTime": time.time(),
        "AgentVersion": "3.3.3050.0",
        "IsLatestVersion": False,
        "PlatformType": "Linux",
        "PlatformName": "Amazon Linux",
        "PlatformVersion": "2023",
        "ResourceType": "EC2Instance",
        "IPAddress": instance["PrivateIpAddress"],
        "ComputerName": instance["PrivateDnsName"],
    }
