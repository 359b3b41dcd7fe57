"""Instances: their records, their states, and what ends with them.

An instance here is a record, an interface in its subnet and a root volume. Those that must
really run (head nodes) are started and stopped by whoever listens with `on_launch` and
`on_stop`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ministack.services import ec2 as store

from .. import clock
from ..aws_error import AwsError
from ..identifiers import now
from . import network_interfaces

Instance = dict[str, Any]
STATES = {
    "pending": 0,
    "running": 16,
    "shutting-down": 32,
    "terminated": 48,
    "stopping": 64,
    "stopped": 80,
}
USER = ("Client.UserInitiatedShutdown", "Client.UserInitiatedShutdown: User initiated shutdown")
on_launch: list[Callable[[Instance], None]] = []
on_stop: list[Callable[[Instance], None]] = []


def add(instance: Instance) -> None:
    store._instances[instance["InstanceId"]] = instance
    _begin(instance)


def _begin(instance: Instance) -> None:
    """Lets an instance start: it is pending for a while, then running."""
    set_state(instance, "pending")
    if clock.scale() > 0:
        clock.later(_become_running_later(instance))
    else:
        become_running(instance)
    for listener in on_launch:
        listener(instance)


async def _become_running_later(instance: Instance) -> None:
    await clock.take("ec2:instance", "running")
    become_running(instance)


def become_running(instance: Instance) -> None:
    if instance["State"]["Name"] == "pending":
        set_state(instance, "running")


def state(name: str) -> dict[str, Any]:
    return {"Code": STATES[name], "Name": name}


def set_state(instance: Instance, name: str, reason: tuple[str, str] | None = None) -> None:
    instance["State"] = state(name)
    instance["StateReason"] = reason


def is_running(instance_id: str) -> bool:
    instance = store._instances.get(instance_id)
    return bool(instance) and instance["State"]["Name"] == "running"


def checked_instance(instance_id: str) -> Instance:
    instance = store._instances.get(instance_id)
    if not instance:
        raise AwsError(
            "InvalidInstanceID.NotFound", f"The instance ID '{instance_id}' does not exist"
        )
    return instance


def terminate(instance: Instance) -> None:
    """Ends an instance with its interfaces and volumes; the record stays, as on AWS."""
    if instance["State"]["Name"] == "terminated":
        return
    if instance.get("DisableApiTermination"):
        # Words: EC2's, in public reports of stacks that end in DELETE_FAILED.
        raise AwsError(
            "OperationNotPermitted",
            f"The instance '{instance['InstanceId']}' may not be terminated. Modify its "
            "'disableApiTermination' instance attribute and try again.",
        )
    set_state(instance, "shutting-down", USER)
    for listener in on_stop:
        listener(instance)
    for interface_id in instance["InterfaceIds"]:
        interface = store._network_interfaces.get(interface_id)
        if not interface:
            continue
        _release_addresses(interface_id)
        if (interface["Attachment"] or {}).get("DeleteOnTermination"):
            network_interfaces.delete(interface_id)
        else:
            interface.update(Status="available", Attachment=None)
    for mapping in instance["BlockDeviceMappings"]:
        volume = store._volumes.get(mapping["VolumeId"])
        if mapping["DeleteOnTermination"]:
            store._volumes.pop(mapping["VolumeId"], None)
            store._tags.pop(mapping["VolumeId"], None)
        elif volume:
            volume.update(State="available", Attachments=[])
    instance.update(
        InterfaceIds=[],
        BlockDeviceMappings=[],
        SecurityGroups=[],
        SubnetId=None,
        VpcId=None,
        PrivateIpAddress=None,
        PrivateDnsName="",
    )
    set_state(instance, "terminated", USER)


def _release_addresses(interface_id: str) -> None:
    for address in store._addresses.values():
        if address.get("NetworkInterfaceId") == interface_id:
            address.update(
                AssociationId=None, InstanceId=None, NetworkInterfaceId=None, PrivateIpAddress=None
            )


def start(instance: Instance) -> None:
    instance["LaunchTime"] = now()
    _begin(instance)


def stop(instance: Instance) -> None:
    """Lets an instance stop: it is stopping for a while, then stopped. Its interfaces, its
    volumes and its private address stay."""
    if instance["State"]["Name"] == "stopped":
        return
    set_state(instance, "stopping", USER)
    for listener in on_stop:
        listener(instance)
    if clock.scale() > 0:
        clock.later(_become_stopped_later(instance))
    else:
        _become_stopped(instance)


async def _become_stopped_later(instance: Instance) -> None:
    await clock.take("ec2:instance", "stopped")
    _become_stopped(instance)


def _become_stopped(instance: Instance) -> None:
    if instance["State"]["Name"] == "stopping":
        set_state(instance, "stopped", USER)


def reboot(instance: Instance) -> None:
    for listener in [*on_stop, *on_launch]:
        listener(instance)


def wear(instance: Instance, group_ids: list[str]) -> None:
    """Gives the first interface of an instance these security groups and no others."""
    groups = network_interfaces.checked_groups(group_ids, instance["VpcId"])
    interfaces_of(instance)[0]["Groups"] = groups
    instance["SecurityGroups"] = groups


def interfaces_of(instance: Instance) -> list[network_interfaces.Interface]:
    return [
        store._network_interfaces[interface_id]
        for interface_id in instance["InterfaceIds"]
        if interface_id in store._network_interfaces
    ]


def public_address(instance: Instance) -> str | None:
    for interface in interfaces_of(instance):
        associated = network_interfaces.association(interface)
        if associated:
            return associated["publicIp"]
    return None
