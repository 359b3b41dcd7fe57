"""What an instance is asked to be, and making one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import ec2 as store
from ministack.services import iam

from .. import account_plan
from ..aws_error import AwsError
from ..identifiers import new_id, now
from . import capacity, images, network_interfaces, query
from .instance_types import architectures, checked_instance_type, is_of_free_plan
from .instances import Instance, add, state
from .zones import offered


@dataclass
class Launch:
    """What an instance is asked to be, whoever asks and however it is spelled."""

    image_id: str = ""
    instance_type: str = "m1.small"
    key_name: str = ""
    subnet_id: str = ""
    zone: str = ""
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
            zone=(merged.get("Placement") or {}).get("AvailabilityZone", ""),
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
        if account_plan.is_free() and not is_of_free_plan(self.instance_type):
            raise AwsError(
                "InvalidParameterCombination",
                "The specified instance type is not eligible for Free Tier. For a list of Free "
                "Tier instance types, run 'describe-instance-types' with the filter "
                "'free-tier-eligible=true'.",
            )
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
        for subnet_id, group_ids in self.places():
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

    def default_subnet(self) -> str:
        """The default subnet of the zone that is asked for; else of one that offers the type."""
        subnets = [subnet for subnet in store._subnets.values() if subnet["DefaultForAz"]]
        if not subnets:
            raise AwsError("VPCIdNotSpecified", "No default VPC for this user")
        if self.zone:
            subnets = [one for one in subnets if one["AvailabilityZone"] == self.zone]
            if not subnets:
                raise AwsError(
                    "MissingInput", f"No default subnet for availability zone: '{self.zone}'."
                )
        offering = [one for one in subnets if offered(self.instance_type, one["AvailabilityZone"])]
        return (offering or subnets)[0]["SubnetId"]

    def places(self) -> list[tuple[str, list[str]]]:
        if not self.interfaces:
            return [(self.subnet_id or self.default_subnet(), self.group_ids)]
        places: list[tuple[str, list[str]]] = []
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
                subnet_id = interface.get("SubnetId") or self.subnet_id or self.default_subnet()
                places.append((subnet_id, _interface_groups(interface) or self.group_ids))
        return places


def _either(asked: dict[str, Any], plural: str, singular: str) -> list[Any]:
    return list(asked.get(plural) or asked.get(singular) or [])


def _interface_groups(interface: dict[str, Any]) -> list[str]:
    return list(
        interface.get("GroupSet")
        or interface.get("Groups")
        or interface.get("SecurityGroupId")
        or []
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
            "InvalidLaunchTemplateId.NotFound"
            if wanted_id
            else "InvalidLaunchTemplateName.NotFoundException",
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


def launch(asked: Launch, extra_tags: list[dict[str, str]] | None = None) -> Instance:
    """Makes one running instance of a launch that was checked."""
    for subnet_id, _ in asked.places():
        zone = network_interfaces.checked_subnet(subnet_id)["AvailabilityZone"]
        capacity.require(asked.instance_type, zone)
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
        "State": state("pending"),
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
    query.add_tags(
        instance_id,
        [*(extra_tags or []), *query.tags_for(asked.tag_specifications, "instance")],
    )
    add(instance)
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
            subnet_id = specification.get("SubnetId") or asked.subnet_id or asked.default_subnet()
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
        mappings.append(
            {"DeviceName": device, "VolumeId": volume_id, "DeleteOnTermination": delete}
        )
    return mappings


def _profile(asked: dict[str, str]) -> dict[str, str] | None:
    arn, name = asked.get("Arn"), asked.get("Name") or ""
    if not arn and not name:
        return None
    if not arn:
        # A profile may have a path, and what a stack made is named by its whole ARN.
        name = name.rpartition("/")[2]
        unknown = {"Arn": f"arn:aws:iam::{get_account_id()}:instance-profile/{name}"}
        arn = (iam._instance_profiles.get(name) or unknown)["Arn"]
    return {"Arn": arn, "Id": store._synthetic_iam_instance_profile_id(arn)}
