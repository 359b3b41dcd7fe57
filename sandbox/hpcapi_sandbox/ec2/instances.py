"""EC2 instances: launching with all that hangs on it, states, and what DescribeInstances says.

An instance here is a record, an interface in its subnet and a root volume. Those that must
really run (head nodes) are started and stopped by whoever listens with `on_launch` and
`on_stop`.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import ec2 as store

from ..aws_error import AwsError
from ..identifiers import new_id, now
from . import images, network_interfaces, query
from .describe import Describe, one
from .instance_types import architectures, checked_instance_type, instance_types
from .zones import offered

Instance = dict[str, Any]
STATES = {
    "pending": 0,
    "running": 16,
    "shutting-down": 32,
    "terminated": 48,
    "stopping": 64,
    "stopped": 80,
}
on_launch: list[Callable[[Instance], None]] = []
on_stop: list[Callable[[Instance], None]] = []


@dataclass
class Launch:
    """What an instance is asked to be, whoever asks and however it is spelled."""

    image_id: str = ""
    instance_type: str = "m1.small"
    key_name: str = ""
    subnet_id: str = ""
    group_ids: list[str] = field(default_factory=list)
    private_address: str | None = None
    interfaces: list[dict[str, Any]] = field(default_factory=list)
    block_devices: list[dict[str, Any]] = field(default_factory=list)
    tag_specifications: list[dict[str, Any]] = field(default_factory=list)
    profile: dict[str, str] = field(default_factory=dict)
    user_data: str = ""

    @classmethod
    def of(cls, asked: dict[str, Any]) -> Launch:
        """From RunInstances' parameters or CloudFormation's properties, over a launch template."""
        merged = {**_template_data(asked.get("LaunchTemplate")), **asked}
        profile = merged.get("IamInstanceProfile") or {}
        return cls(
            image_id=merged.get("ImageId", ""),
            instance_type=merged.get("InstanceType") or "m1.small",
            key_name=merged.get("KeyName", ""),
            subnet_id=merged.get("SubnetId", ""),
            group_ids=_either(merged, "SecurityGroupIds", "SecurityGroupId"),
            private_address=merged.get("PrivateIpAddress"),
            interfaces=_either(merged, "NetworkInterfaces", "NetworkInterface"),
            block_devices=_either(merged, "BlockDeviceMappings", "BlockDeviceMapping"),
            tag_specifications=_either(merged, "TagSpecifications", "TagSpecification"),
            profile={"Name": profile} if isinstance(profile, str) else profile,
            user_data=merged.get("UserData", ""),
        )

    def check(self) -> None:
        """Everything that AWS looks at before it would launch."""
        if not self.image_id:
            raise AwsError("MissingParameter", "The request must contain the parameter ImageId")
        checked_instance_type(self.instance_type)
        image = images.checked_image(self.image_id)
        if image["Architecture"] not in architectures(self.instance_type):
            raise AwsError(
                "InvalidParameterValue",
                f"The architecture '{', '.join(architectures(self.instance_type))}' of the "
                f"specified instance type does not match the architecture "
                f"'{image['Architecture']}' of the specified AMI. Specify an instance type and an "
                "AMI that have matching architectures, and try again.",
            )
        if self.key_name and self.key_name not in store._key_pairs:
            raise AwsError(
                "InvalidKeyPair.NotFound", f"The key pair '{self.key_name}' does not exist"
            )
        for subnet_id, group_ids in self._places():
            subnet = network_interfaces.checked_subnet(subnet_id)
            network_interfaces.checked_groups(group_ids, subnet["VpcId"])
            zone = subnet["AvailabilityZone"]
            if not offered(self.instance_type, zone):
                raise AwsError(
                    "Unsupported",
                    f"Your requested instance type ({self.instance_type}) is not supported in "
                    f"your requested Availability Zone ({zone}). Please retry your request by "
                    "not specifying an Availability Zone or choosing one that offers it.",
                )

    def _places(self) -> list[tuple[str, list[str]]]:
        if not self.interfaces:
            return [(self.subnet_id or _default_subnet(), self.group_ids)]
        places = []
        for interface in self.interfaces:
            given = interface.get("NetworkInterfaceId")
            if given:
                existing = store._network_interfaces.get(given)
                if not existing:
                    raise AwsError(
                        "InvalidNetworkInterfaceID.NotFound",
                        f"The networkInterface ID '{given}' does not exist",
                    )
                places.append((existing["SubnetId"], []))
            else:
                subnet_id = interface.get("SubnetId") or self.subnet_id or _default_subnet()
                places.append((subnet_id, _interface_groups(interface) or self.group_ids))
        return places


def _either(asked: dict[str, Any], plural: str, singular: str) -> list[Any]:
    return list(asked.get(plural) or asked.get(singular) or [])


def _interface_groups(interface: dict[str, Any]) -> list[str]:
    return list(
        interface.get("GroupSet") or interface.get("Groups") or interface.get("SecurityGroupId") or []
    )


def _template_data(specification: Any) -> dict[str, Any]:
    if not specification:
        return {}
    wanted_id = specification.get("LaunchTemplateId")
    name = specification.get("LaunchTemplateName")
    for template in store._launch_templates.values():
        if wanted_id == template["LaunchTemplateId"] or name == template["LaunchTemplateName"]:
            break
    else:
        raise AwsError(
            "InvalidLaunchTemplateId.NotFound" if wanted_id else "InvalidLaunchTemplateName.NotFoundException",
            f"The specified launch template, with template {'ID' if wanted_id else 'name'} "
            f"{wanted_id or name}, does not exist.",
        )
    version = str(specification.get("Version") or "$Default")
    number = {
        "$Default": template["DefaultVersionNumber"],
        "$Latest": template["LatestVersionNumber"],
    }.get(version, version)
    for candidate in template["Versions"]:
        if str(candidate["VersionNumber"]) == str(number):
            return candidate["LaunchTemplateData"] or {}
    raise AwsError(
        "InvalidLaunchTemplateId.VersionNotFound",
        f"Could not find launch template version {version} for launch template "
        f"{template['LaunchTemplateId']}.",
    )


def _default_subnet() -> str:
    for subnet in store._subnets.values():
        if subnet["DefaultForAz"]:
            return subnet["SubnetId"]
    raise AwsError("VPCIdNotSpecified", "No default VPC for this user")


def launch(asked: Launch, extra_tags: list[dict[str, str]] | None = None) -> Instance:
    """Makes one running instance of a launch that was checked."""
    image = images.checked_image(asked.image_id)
    instance_id = new_id("i")
    interfaces = _attach_interfaces(asked, instance_id)
    primary = interfaces[0]
    zone = primary["AvailabilityZone"]
    instance: Instance = {
        "InstanceId": instance_id,
        "ImageId": asked.image_id,
        "InstanceType": asked.instance_type,
        "KeyName": asked.key_name,
        "State": _state("running"),
        "StateReason": None,
        "SubnetId": primary["SubnetId"],
        "VpcId": primary["VpcId"],
        "PrivateIpAddress": primary["PrivateIpAddress"],
        "PrivateDnsName": private_dns_name(primary["PrivateIpAddress"]),
        "SecurityGroups": primary["Groups"],
        "InterfaceIds": [interface["NetworkInterfaceId"] for interface in interfaces],
        "SourceDestCheck": True,
        "Architecture": image["Architecture"],
        "RootDeviceType": "ebs",
        "RootDeviceName": image["RootDevice"],
        "Placement": {"AvailabilityZone": zone, "Tenancy": "default"},
        "UserData": asked.user_data,
        "LaunchTime": now(),
        "ReservationId": new_id("r"),
        "IamInstanceProfile": _profile(asked.profile),
    }
    instance["BlockDeviceMappings"] = _make_volumes(asked, image, instance_id, zone)
    store._instances[instance_id] = instance
    query.add_tags(
        instance_id,
        [*(extra_tags or []), *query.tags_for(asked.tag_specifications, "instance")],
    )
    for listener in on_launch:
        listener(instance)
    return instance


def private_dns_name(address: str) -> str:
    domain = "ec2.internal" if get_region() == "us-east-1" else f"{get_region()}.compute.internal"
    return f"ip-{address.replace('.', '-')}.{domain}"


def _attach_interfaces(asked: Launch, instance_id: str) -> list[network_interfaces.Interface]:
    wanted = asked.interfaces or [
        {"SubnetId": asked.subnet_id, "PrivateIpAddress": asked.private_address}
    ]
    interfaces = []
    for index, specification in enumerate(wanted):
        given = specification.get("NetworkInterfaceId")
        if given:
            interface = store._network_interfaces[given]
        else:
            subnet_id = specification.get("SubnetId") or asked.subnet_id or _default_subnet()
            interface = network_interfaces.create(
                subnet_id,
                _interface_groups(specification) or asked.group_ids,
                specification.get("Description", ""),
                specification.get("PrivateIpAddress"),
            )
            public = specification.get("AssociatePublicIpAddress")
            if query.flag(public) or (
                public is None and store._subnets[subnet_id]["MapPublicIpOnLaunch"]
            ):
                interface["PublicIpAddress"] = store._random_ip("54.")
            query.add_tags(
                interface["NetworkInterfaceId"],
                query.tags_for(asked.tag_specifications, "network-interface"),
            )
        delete = specification.get("DeleteOnTermination")
        network_interfaces.attach(
            interface,
            instance_id,
            int(specification.get("DeviceIndex") or index),
            (not given) if delete is None else query.flag(delete),
        )
        interfaces.append(interface)
    return sorted(interfaces, key=lambda interface: interface["Attachment"]["DeviceIndex"])


def _make_volumes(
    asked: Launch, image: dict[str, Any], instance_id: str, zone: str
) -> list[dict[str, Any]]:
    devices = {image["RootDevice"]: {"VolumeSize": image["RootSize"], "VolumeType": "gp3"}}
    for mapping in asked.block_devices:
        if isinstance(mapping.get("Ebs"), dict):
            device = mapping["DeviceName"]
            devices[device] = {**devices.get(device, {}), **mapping["Ebs"]}
    mappings = []
    for device, ebs in devices.items():
        volume_id = new_id("vol")
        delete = query.flag(ebs.get("DeleteOnTermination", True))
        store._volumes[volume_id] = {
            "VolumeId": volume_id,
            "Size": int(ebs.get("VolumeSize") or 8),
            "AvailabilityZone": zone,
            "State": "in-use",
            "VolumeType": ebs.get("VolumeType") or "gp3",
            "SnapshotId": ebs.get("SnapshotId") or "",
            "Iops": int(ebs.get("Iops") or 3000),
            "Throughput": int(ebs.get("Throughput") or 125),
            "Encrypted": query.flag(ebs.get("Encrypted", False)),
            "CreateTime": now(),
            "MultiAttachEnabled": False,
            "Attachments": [
                {
                    "VolumeId": volume_id,
                    "InstanceId": instance_id,
                    "Device": device,
                    "State": "attached",
                    "AttachTime": now(),
                    "DeleteOnTermination": delete,
                }
            ],
        }
        query.add_tags(volume_id, query.tags_for(asked.tag_specifications, "volume"))
        mappings.append({"DeviceName": device, "VolumeId": volume_id, "DeleteOnTermination": delete})
    return mappings


def _profile(asked: dict[str, str]) -> dict[str, str] | None:
    arn, name = asked.get("Arn"), asked.get("Name")
    if not arn and not name:
        return None
    arn = arn or f"arn:aws:iam::{get_account_id()}:instance-profile/{name}"
    return {"Arn": arn, "Id": store._synthetic_iam_instance_profile_id(arn)}


def _state(name: str) -> dict[str, Any]:
    return {"Code": STATES[name], "Name": name}


def set_state(instance: Instance, name: str, reason: tuple[str, str] | None = None) -> None:
    instance["State"] = _state(name)
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


USER = ("Client.UserInitiatedShutdown", "Client.UserInitiatedShutdown: User initiated shutdown")


def terminate(instance: Instance) -> None:
    """Ends an instance with its interfaces and volumes; the record stays, as on AWS."""
    if instance["State"]["Name"] == "terminated":
        return
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
        InterfaceIds=[], BlockDeviceMappings=[], SecurityGroups=[], SubnetId=None, VpcId=None,
        PrivateIpAddress=None, PrivateDnsName="",
    )
    set_state(instance, "terminated", USER)


def _release_addresses(interface_id: str) -> None:
    for address in store._addresses.values():
        if address.get("NetworkInterfaceId") == interface_id:
            address.update(
                AssociationId=None, InstanceId=None, NetworkInterfaceId=None, PrivateIpAddress=None
            )


def stop(instance: Instance) -> None:
    for listener in on_stop:
        listener(instance)
    set_state(instance, "stopped", USER)


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


@query.action("RunInstances")
def run_instances(parameters: dict[str, Any]) -> dict[str, Any]:
    least, most = int(parameters.get("MinCount") or 1), int(parameters.get("MaxCount") or 1)
    if least > most:
        raise AwsError(
            "InvalidParameterValue",
            f"Value ({least}) for parameter minCount is invalid: it is more than maxCount ({most}).",
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


def _start(instance: Instance) -> None:
    set_state(instance, "running")
    for listener in on_launch:
        listener(instance)


_change("TerminateInstances", terminate, tuple(STATES))
_change("StopInstances", stop, ("pending", "running", "stopping", "stopped"))
_change("StartInstances", _start, ("stopped",))
