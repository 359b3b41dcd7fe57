"""The actions on instances: launching, describing, starting, stopping, terminating."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from ministack.core.responses import get_account_id
from ministack.services import ec2 as store

from ..aws_error import AwsError
from ..identifiers import now
from . import network_interfaces, query
from .describe import Describe, one
from .instance_types import instance_types
from .instances import (
    STATES,
    Instance,
    checked_instance,
    interfaces_of,
    public_address,
    reboot,
    start,
    stop,
    terminate,
    wear,
)
from .launch import Launch, launch

# What EC2 keeps of a console.
_CONSOLE_BYTES = 64 * 1024


def render(instance: Instance) -> dict[str, Any]:
    interfaces = interfaces_of(instance)
    public = public_address(instance)
    threads = int(instance_types()[instance["InstanceType"]]["threads_per_core"])
    return {
        "instanceId": instance["InstanceId"],
        "imageId": instance["ImageId"],
        "instanceState": {"code": instance["State"]["Code"], "name": instance["State"]["Name"]},
        "privateDnsName": instance["PrivateDnsName"],
        "dnsName": f"ec2-{public.replace('.', '-')}.compute-1.amazonaws.com" if public else "",
        "stateReason": _reason(instance),
        "keyName": instance["KeyName"] or None,
        "amiLaunchIndex": 0,
        "instanceType": instance["InstanceType"],
        "launchTime": instance["LaunchTime"],
        "placement": {
            "availabilityZone": instance["Placement"]["AvailabilityZone"],
            "tenancy": instance["Placement"]["Tenancy"],
        },
        "monitoring": {"state": "disabled"},
        "subnetId": instance["SubnetId"],
        "vpcId": instance["VpcId"],
        "privateIpAddress": instance["PrivateIpAddress"],
        "ipAddress": public,
        "sourceDestCheck": instance["SourceDestCheck"],
        "groupSet": _group_set(instance["SecurityGroups"]),
        "architecture": instance["Architecture"],
        "rootDeviceType": instance["RootDeviceType"],
        "rootDeviceName": instance["RootDeviceName"],
        "blockDeviceMapping": [
            {
                "deviceName": mapping["DeviceName"],
                "ebs": {
                    "volumeId": mapping["VolumeId"],
                    "status": "attached",
                    "attachTime": instance["LaunchTime"],
                    "deleteOnTermination": mapping["DeleteOnTermination"],
                },
            }
            for mapping in instance["BlockDeviceMappings"]
        ],
        "virtualizationType": "hvm",
        "hypervisor": "xen",
        "cpuOptions": {
            "coreCount": int(instance_types()[instance["InstanceType"]]["cores"]),
            "threadsPerCore": threads,
        },
        "tagSet": query.tag_set(instance["InstanceId"]),
        "networkInterfaceSet": [network_interfaces.render(interface) for interface in interfaces],
        "iamInstanceProfile": {
            "arn": instance["IamInstanceProfile"]["Arn"],
            "id": instance["IamInstanceProfile"]["Id"],
        }
        if instance["IamInstanceProfile"]
        else None,
        "metadataOptions": {
            "state": "applied",
            "httpTokens": "required",
            "httpPutResponseHopLimit": 1,
            "httpEndpoint": "enabled",
        },
    }


def _reason(instance: Instance) -> dict[str, str] | None:
    reason = instance["StateReason"]
    return {"code": reason[0], "message": reason[1]} if reason else None


def _group_set(groups: list[dict[str, str]]) -> list[dict[str, str]]:
    return [{"groupId": group["GroupId"], "groupName": group["GroupName"]} for group in groups]


def _reservation(instance: Instance) -> dict[str, Any]:
    return {
        "reservationId": instance["ReservationId"],
        "ownerId": get_account_id(),
        "groupSet": [],
        "instancesSet": [render(instance)],
    }


DESCRIBE = Describe(
    "DescribeInstances",
    store._instances.values,
    "InstanceId",
    "InstanceId",
    "reservationSet",
    _reservation,
    ("InvalidInstanceID.NotFound", "The instance ID '{id}' does not exist"),
    {
        "instance-id": one("InstanceId"),
        "instance-state-name": lambda instance: [instance["State"]["Name"]],
        "instance-state-code": lambda instance: [instance["State"]["Code"]],
        "instance-type": one("InstanceType"),
        "image-id": one("ImageId"),
        "key-name": one("KeyName"),
        "vpc-id": one("VpcId"),
        "subnet-id": one("SubnetId"),
        "private-ip-address": one("PrivateIpAddress"),
        "private-dns-name": one("PrivateDnsName"),
        "ip-address": lambda instance: [public_address(instance)],
        "availability-zone": lambda instance: [instance["Placement"]["AvailabilityZone"]],
        "instance.group-id": lambda instance: [
            group["GroupId"] for group in instance["SecurityGroups"]
        ],
        "group-id": lambda instance: [group["GroupId"] for group in instance["SecurityGroups"]],
        "network-interface.network-interface-id": lambda instance: instance["InterfaceIds"],
        "reservation-id": one("ReservationId"),
        "architecture": one("Architecture"),
    },
    r"i-[0-9a-f]{8}(?:[0-9a-f]{9})?",
    "InvalidInstanceID.Malformed",
)


def _status(instance: Instance) -> dict[str, Any]:
    summary = {
        "status": "ok",
        "details": [{"name": "reachability", "status": "passed"}],
    }
    return {
        "instanceId": instance["InstanceId"],
        "availabilityZone": instance["Placement"]["AvailabilityZone"],
        "instanceState": {"code": instance["State"]["Code"], "name": instance["State"]["Name"]},
        "systemStatus": summary,
        "instanceStatus": summary,
    }


class _DescribeStatus(Describe):
    """Leaves out what is not running, unless asked for."""

    def select(self, parameters: dict[str, Any]) -> list[Instance]:
        found = super().select(parameters)
        everything = query.flag(parameters.get("IncludeAllInstances"))
        return [one for one in found if everything or one["State"]["Name"] == "running"]


DESCRIBE_STATUS = _DescribeStatus(
    "DescribeInstanceStatus",
    store._instances.values,
    "InstanceId",
    "InstanceId",
    "instanceStatusSet",
    _status,
    DESCRIBE.not_found,
    {
        "instance-state-name": DESCRIBE.filters["instance-state-name"],
        "availability-zone": DESCRIBE.filters["availability-zone"],
    },
    DESCRIBE.id_pattern,
    DESCRIBE.malformed_code,
)


def install() -> None:
    DESCRIBE.install()
    DESCRIBE_STATUS.install()


@query.action("RunInstances")
def run_instances(parameters: dict[str, Any]) -> dict[str, Any]:
    least, most = int(parameters.get("MinCount") or 1), int(parameters.get("MaxCount") or 1)
    if least > most:
        raise AwsError(
            "InvalidParameterValue",
            f"Value ({least}) for parameter minCount is invalid: it is more than maxCount.",
        )
    asked = Launch.of(parameters)
    asked.check()
    if asked.user_data:
        _checked_user_data(asked.user_data)
    if query.flag(parameters.get("DryRun")):
        raise AwsError(
            "DryRunOperation", "Request would have succeeded, but DryRun flag is set.", 412
        )
    launched = [launch(asked) for _ in range(most)]
    return {
        "reservationId": launched[0]["ReservationId"],
        "ownerId": get_account_id(),
        "groupSet": [],
        "instancesSet": [render(instance) for instance in launched],
    }


def _checked_user_data(text: str) -> None:
    try:
        base64.b64decode(text, validate=True)
    except ValueError:
        raise AwsError("InvalidParameterValue", "Invalid BASE64 encoding of user data.") from None


@query.action("GetConsoleOutput")
def get_console_output(parameters: dict[str, Any]) -> dict[str, Any]:
    instance = checked_instance(parameters.get("InstanceId", ""))
    printed = instance.get("_console", "")[-_CONSOLE_BYTES:]
    return {
        "instanceId": instance["InstanceId"],
        "timestamp": now(),
        "output": base64.b64encode(printed.encode()).decode(),
    }


def _change(name: str, act: Callable[[Instance], None], allowed: tuple[str, ...]) -> None:
    @query.action(name)
    def change(parameters: dict[str, Any]) -> dict[str, Any]:
        found = [checked_instance(an_id) for an_id in query.strings(parameters.get("InstanceId"))]
        for instance in found:
            state = instance["State"]["Name"]
            if state not in allowed:
                raise AwsError(
                    "IncorrectInstanceState",
                    f"The instance '{instance['InstanceId']}' is not in a state from which it "
                    f"can be {name.removesuffix('Instances').lower()}ed ({state}).",
                )
        if query.flag(parameters.get("DryRun")):
            raise AwsError(
                "DryRunOperation", "Request would have succeeded, but DryRun flag is set.", 412
            )
        changes = []
        for instance in found:
            before = instance["State"]
            act(instance)
            after = instance["State"]
            changes.append(
                {
                    "instanceId": instance["InstanceId"],
                    "previousState": {"code": before["Code"], "name": before["Name"]},
                    "currentState": {"code": after["Code"], "name": after["Name"]},
                }
            )
        return {"instancesSet": changes}


@query.action("RebootInstances")
def reboot_instances(parameters: dict[str, Any]) -> dict[str, Any]:
    for instance_id in query.strings(parameters.get("InstanceId")):
        instance = checked_instance(instance_id)
        if instance["State"]["Name"] == "running":
            reboot(instance)
    return {"return": "true"}


@query.action("ModifyInstanceAttribute")
def modify_instance_attribute(parameters: dict[str, Any]) -> dict[str, Any]:
    instance = checked_instance(str(parameters.get("InstanceId")))
    group_ids = query.strings(parameters.get("GroupId"))
    protection = (parameters.get("DisableApiTermination") or {}).get("Value")
    if protection is not None:
        instance["DisableApiTermination"] = query.flag(protection)
    elif group_ids:
        wear(instance, group_ids)
    else:
        raise AwsError(
            "InvalidParameterCombination",
            "The sandbox changes security groups and the protection from termination only",
        )
    return {"return": "true"}


@query.action("DescribeInstanceAttribute")
def describe_instance_attribute(parameters: dict[str, Any]) -> dict[str, Any]:
    instance = checked_instance(str(parameters.get("InstanceId")))
    attribute = str(parameters.get("Attribute"))
    if attribute != "disableApiTermination":
        raise AwsError(
            "InvalidParameterCombination", "The sandbox tells the protection from termination only"
        )
    value = str(bool(instance.get("DisableApiTermination"))).lower()
    return {"instanceId": instance["InstanceId"], attribute: {"value": value}}


_change("TerminateInstances", terminate, tuple(STATES))
_change("StopInstances", stop, ("pending", "running", "stopping", "stopped"))
_change("StartInstances", start, ("stopped",))
