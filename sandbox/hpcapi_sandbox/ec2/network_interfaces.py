"""Elastic network interfaces: of instances, NAT gateways, load balancers and VPC links."""

from __future__ import annotations

import ipaddress
import secrets
from typing import Any

from ministack.core.responses import get_account_id
from ministack.services import ec2 as store

from ..aws_error import AwsError
from ..identifiers import new_id, now
from . import query
from .describe import Describe, one

Interface = dict[str, Any]
_RESERVED_AT_START = 4  # network, router, DNS, future use


def checked_subnet(subnet_id: str) -> dict[str, Any]:
    subnet = store._subnets.get(subnet_id)
    if not subnet:
        raise AwsError("InvalidSubnetID.NotFound", f"The subnet ID '{subnet_id}' does not exist")
    return subnet


def check_subnet_is_unused(subnet_id: str) -> None:
    if any(one["SubnetId"] == subnet_id for one in store._network_interfaces.values()):
        raise AwsError(
            "DependencyViolation",
            f"The subnet '{subnet_id}' has dependencies and cannot be deleted.",
        )


def checked_groups(group_ids: list[str], vpc_id: str) -> list[dict[str, str]]:
    groups = []
    for group_id in group_ids:
        group = store._security_groups.get(group_id)
        if not group:
            raise AwsError(
                "InvalidGroup.NotFound", f"The security group '{group_id}' does not exist"
            )
        if group["VpcId"] != vpc_id:
            raise AwsError(
                "InvalidGroup.NotFound",
                f"The security group '{group_id}' does not exist in VPC '{vpc_id}'",
            )
        groups.append({"GroupId": group_id, "GroupName": group["GroupName"]})
    return groups


def default_group(vpc_id: str) -> str:
    return next(
        group["GroupId"]
        for group in store._security_groups.values()
        if group["VpcId"] == vpc_id and group["GroupName"] == "default"
    )


def free_address(subnet: dict[str, Any]) -> str:
    used = {
        interface["PrivateIpAddress"]
        for interface in store._network_interfaces.values()
        if interface["SubnetId"] == subnet["SubnetId"]
    }
    hosts = ipaddress.ip_network(subnet["CidrBlock"], strict=False)
    for offset in range(_RESERVED_AT_START, hosts.num_addresses - 1):
        address = str(hosts[offset])
        if address not in used:
            return address
    raise AwsError(
        "InsufficientFreeAddressesInSubnet",
        f"There are not enough free addresses in subnet '{subnet['SubnetId']}' to satisfy the "
        "requested number of instances.",
    )


def create(
    subnet_id: str,
    group_ids: list[str],
    description: str = "",
    private_address: str | None = None,
    **members: Any,
) -> Interface:
    """Makes an interface; the members are put on the record as they are."""
    subnet = checked_subnet(subnet_id)
    vpc_id = subnet["VpcId"]
    interface = {
        "NetworkInterfaceId": new_id("eni"),
        "SubnetId": subnet_id,
        "VpcId": vpc_id,
        "AvailabilityZone": subnet["AvailabilityZone"],
        "Description": description,
        "OwnerId": get_account_id(),
        "Status": "available",
        "PrivateIpAddress": private_address or free_address(subnet),
        "InterfaceType": "interface",
        "SourceDestCheck": True,
        "MacAddress": "0a:" + ":".join(secrets.token_hex(1) for _ in range(5)),
        "Groups": checked_groups(group_ids or [default_group(vpc_id)], vpc_id),
        "Attachment": None,
        "RequesterManaged": False,
        "RequesterId": None,
        **members,
    }
    store._network_interfaces[interface["NetworkInterfaceId"]] = interface
    return interface


def create_managed(
    subnet_id: str, group_ids: list[str], description: str, requester: str, kind: str
) -> Interface:
    """Makes an interface that an AWS service owns: it cannot be detached or deleted."""
    return create(
        subnet_id,
        group_ids,
        description,
        Status="in-use",
        InterfaceType=kind,
        RequesterManaged=True,
        RequesterId=requester,
        Attachment={
            "AttachmentId": new_id("ela-attach"),
            "InstanceOwnerId": requester,
            "DeviceIndex": 1,
            "Status": "attached",
            "AttachTime": now(),
            "DeleteOnTermination": False,
        },
    )


def delete(interface_id: str) -> None:
    store._network_interfaces.pop(interface_id, None)
    store._tags.pop(interface_id, None)


def attach(interface: Interface, instance_id: str, index: int, delete_on_termination: bool) -> None:
    interface["Status"] = "in-use"
    interface["Attachment"] = {
        "AttachmentId": new_id("eni-attach"),
        "InstanceId": instance_id,
        "InstanceOwnerId": get_account_id(),
        "DeviceIndex": index,
        "Status": "attached",
        "AttachTime": now(),
        "DeleteOnTermination": delete_on_termination,
    }


def association(interface: Interface) -> dict[str, Any] | None:
    """The public address of an interface, in the wire format."""
    for address in store._addresses.values():
        if address.get("NetworkInterfaceId") == interface["NetworkInterfaceId"]:
            return {
                "publicIp": address["PublicIp"],
                "publicDnsName": "",
                "allocationId": address["AllocationId"],
                "associationId": address["AssociationId"],
                "ipOwnerId": get_account_id(),
            }
    public = interface.get("PublicIpAddress")
    return {"publicIp": public, "publicDnsName": "", "ipOwnerId": "amazon"} if public else None


def render(interface: Interface) -> dict[str, Any]:
    attachment = interface.get("Attachment")
    return {
        "networkInterfaceId": interface["NetworkInterfaceId"],
        "subnetId": interface["SubnetId"],
        "vpcId": interface["VpcId"],
        "availabilityZone": interface["AvailabilityZone"],
        "description": interface["Description"],
        "ownerId": interface["OwnerId"],
        "requesterId": interface.get("RequesterId"),
        "requesterManaged": bool(interface.get("RequesterManaged")),
        "status": interface["Status"],
        "macAddress": interface["MacAddress"],
        "privateIpAddress": interface["PrivateIpAddress"],
        "sourceDestCheck": interface["SourceDestCheck"],
        "interfaceType": interface["InterfaceType"],
        "groupSet": [
            {"groupId": group["GroupId"], "groupName": group["GroupName"]}
            for group in interface["Groups"]
        ],
        "attachment": {
            "attachmentId": attachment["AttachmentId"],
            "instanceId": attachment.get("InstanceId"),
            "instanceOwnerId": attachment.get("InstanceOwnerId"),
            "deviceIndex": attachment.get("DeviceIndex", 0),
            "status": attachment.get("Status", "attached"),
            "attachTime": attachment.get("AttachTime"),
            "deleteOnTermination": attachment.get("DeleteOnTermination", False),
        }
        if attachment
        else None,
        "association": association(interface),
        "privateIpAddressesSet": [
            {"privateIpAddress": interface["PrivateIpAddress"], "primary": True}
        ],
        "tagSet": query.tag_set(interface["NetworkInterfaceId"]),
    }


def _attachment(key: str):
    return lambda interface: [(interface.get("Attachment") or {}).get(key)]


DESCRIBE = Describe(
    "DescribeNetworkInterfaces",
    store._network_interfaces.values,
    "NetworkInterfaceId",
    "NetworkInterfaceId",
    "networkInterfaceSet",
    render,
    (
        "InvalidNetworkInterfaceID.NotFound",
        "The networkInterface ID '{id}' does not exist",
    ),
    {
        "network-interface-id": one("NetworkInterfaceId"),
        "vpc-id": one("VpcId"),
        "subnet-id": one("SubnetId"),
        "availability-zone": one("AvailabilityZone"),
        "description": one("Description"),
        "group-id": lambda interface: [group["GroupId"] for group in interface["Groups"]],
        "group-name": lambda interface: [group["GroupName"] for group in interface["Groups"]],
        "interface-type": one("InterfaceType"),
        "private-ip-address": one("PrivateIpAddress"),
        "addresses.private-ip-address": one("PrivateIpAddress"),
        "requester-id": one("RequesterId"),
        "requester-managed": lambda interface: [bool(interface.get("RequesterManaged"))],
        "status": one("Status"),
        "attachment.instance-id": _attachment("InstanceId"),
        "attachment.attachment-id": _attachment("AttachmentId"),
        "attachment.status": _attachment("Status"),
        "attachment.instance-owner-id": _attachment("InstanceOwnerId"),
    },
)


def install() -> None:
    DESCRIBE.install()
    delete_subnet = store._ACTION_MAP["DeleteSubnet"]

    def delete_unused_subnet(parameters: query.Parameters) -> query.Answer:
        try:
            check_subnet_is_unused(query.nested(parameters).get("SubnetId", ""))
        except AwsError as error:
            return query.error_answer(error)
        return delete_subnet(parameters)

    store._ACTION_MAP["DeleteSubnet"] = delete_unused_subnet


@query.action("CreateNetworkInterface")
def create_network_interface(parameters: dict[str, Any]) -> dict[str, Any]:
    interface = create(
        parameters.get("SubnetId", ""),
        query.strings(parameters.get("SecurityGroupId")),
        parameters.get("Description", ""),
        parameters.get("PrivateIpAddress"),
    )
    query.add_tags(
        interface["NetworkInterfaceId"],
        query.tags_for(parameters.get("TagSpecification"), "network-interface"),
    )
    return {"networkInterface": render(interface)}


@query.action("DeleteNetworkInterface")
def delete_network_interface(parameters: dict[str, Any]) -> dict[str, Any]:
    interface_id = parameters.get("NetworkInterfaceId", "")
    interface = store._network_interfaces.get(interface_id)
    if not interface:
        raise AwsError(
            "InvalidNetworkInterfaceID.NotFound",
            f"The networkInterface ID '{interface_id}' does not exist",
        )
    if interface["Status"] == "in-use":
        raise AwsError(
            "InvalidParameterValue",
            f"Network interface '{interface_id}' is currently in use.",
        )
    delete(interface_id)
    return {"return": True}
