"""Describe calls with EC2's filters, paging and errors for unknown ids."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from ministack.services import ec2 as store

from ..aws_error import AwsError
from . import query, subnets

Record = dict[str, Any]
Values = Callable[[Record], Iterable[Any]]


@dataclass(frozen=True)
class Describe:
    """One Describe action: where its records are and how they are looked through."""

    action: str
    records: Callable[[], list[Record]]
    id_key: str  # of the record
    id_parameter: str
    result: str  # name of the XML list
    render: Callable[[Record], Any]
    not_found: tuple[str, str]  # code and message with {id}
    filters: dict[str, Values] = field(default_factory=dict)
    id_pattern: str = ""  # ids that do not look like this are "Malformed"
    malformed_code: str = ""

    def install(self) -> None:
        query.action(self.action)(self.handle)

    def handle(self, parameters: dict[str, Any]) -> dict[str, Any]:
        records = self.select(parameters)
        shown, token = query.page(records, parameters)
        return {self.result: [self.render(record) for record in shown], "nextToken": token}

    def select(self, parameters: dict[str, Any]) -> list[Record]:
        records = self.records()
        ids = query.strings(parameters.get(self.id_parameter))
        known = {record[self.id_key] for record in records}
        for one_id in ids:
            if self.id_pattern and not re.fullmatch(self.id_pattern, one_id):
                raise AwsError(self.malformed_code, f'Invalid id: "{one_id}"')
            if one_id not in known:
                code, message = self.not_found
                raise AwsError(code, message.format(id=one_id))
        if ids:
            records = [record for record in records if record[self.id_key] in ids]
        for name, wanted in filters(parameters):
            records = [
                record for record in records if query.matches(wanted, self._values(name, record))
            ]
        return records

    def _values(self, name: str, record: Record) -> list[Any]:
        tags = query.tags_of(record[self.id_key])
        if name.startswith("tag:"):
            return [tag["Value"] for tag in tags if tag["Key"] == name[4:]]
        if name == "tag-key":
            return [tag["Key"] for tag in tags]
        if name not in self.filters:
            raise AwsError("InvalidParameterValue", f"The filter '{name}' is invalid")
        return [value for value in self.filters[name](record) if value not in (None, "")]


def filters(parameters: dict[str, Any]) -> list[tuple[str, list[str]]]:
    given = parameters.get("Filter")
    return [
        (item["Name"], query.strings(item.get("Value")))
        for item in (given if isinstance(given, list) else [])
        if "Name" in item
    ]


def one(key: str) -> Values:
    """A filter over one member of the record."""
    return lambda record: [record.get(key)]


def raw(render: Callable[[Record], str]) -> Callable[[Record], query.Raw]:
    """A renderer of ministack's, which writes the whole `<item>`, as the inside of one."""

    def inside(record: Record) -> query.Raw:
        text = render(record).strip()
        return query.Raw(text[len("<item>") : -len("</item>")])

    return inside


def _permission_groups(record: Record) -> list[str]:
    return [
        pair.get("GroupId", "")
        for permission in record.get("IpPermissions") or []
        for pair in permission.get("UserIdGroupPairs") or []
    ]


def _route_associations(key: str) -> Values:
    return lambda record: [item.get(key) for item in record.get("Associations") or []]


def _nat_gateway(record: Record) -> dict[str, Any]:
    address = store._addresses.get(record.get("AllocationId") or "") or {}
    return {
        "natGatewayId": record["NatGatewayId"],
        "subnetId": record["SubnetId"],
        "vpcId": record["VpcId"],
        "state": record["State"],
        "connectivityType": record["ConnectivityType"],
        "createTime": record["CreateTime"],
        "natGatewayAddressSet": [
            {
                "allocationId": record.get("AllocationId"),
                "networkInterfaceId": record.get("NetworkInterfaceId"),
                "publicIp": address.get("PublicIp"),
                "isPrimary": True,
                "status": "succeeded",
            }
        ],
        "tagSet": query.tag_set(record["NatGatewayId"]),
    }


def endpoint(record: Record) -> query.Raw:
    """A VPC endpoint, as EC2 tells of it."""
    groups = [store._security_groups[one] for one in record["SecurityGroupIds"]]
    more = {
        "privateDnsEnabled": record["PrivateDnsEnabled"],
        "networkInterfaceIdSet": record["NetworkInterfaceIds"],
        "groupSet": [
            {"groupId": group["GroupId"], "groupName": group["GroupName"]} for group in groups
        ],
    }
    return query.Raw(raw(store._vpce_fields_xml)(record) + query.xml(more))


def _address(record: Record) -> dict[str, Any]:
    return {
        "publicIp": record["PublicIp"],
        "allocationId": record["AllocationId"],
        "associationId": record.get("AssociationId"),
        "domain": record["Domain"],
        "instanceId": record.get("InstanceId"),
        "networkInterfaceId": record.get("NetworkInterfaceId"),
        "privateIpAddress": record.get("PrivateIpAddress"),
        "tagSet": query.tag_set(record["AllocationId"]),
    }


def install() -> None:
    for describe in _DESCRIBES:
        describe.install()


_DESCRIBES = [
    Describe(
        "DescribeVpcs",
        store._vpcs.values,
        "VpcId",
        "VpcId",
        "vpcSet",
        raw(store._vpc_xml),
        ("InvalidVpcID.NotFound", "The vpc ID '{id}' does not exist"),
        {
            "vpc-id": one("VpcId"),
            "cidr": one("CidrBlock"),
            "cidr-block-association.cidr-block": one("CidrBlock"),
            "state": one("State"),
            "owner-id": one("OwnerId"),
            "is-default": one("IsDefault"),
        },
    ),
    Describe(
        "DescribeSubnets",
        store._subnets.values,
        "SubnetId",
        "SubnetId",
        "subnetSet",
        raw(lambda subnet: store._subnet_xml(subnets.described(subnet))),
        ("InvalidSubnetID.NotFound", "The subnet ID '{id}' does not exist"),
        {
            "vpc-id": one("VpcId"),
            "subnet-id": one("SubnetId"),
            "availability-zone": one("AvailabilityZone"),
            "availability-zone-id": one("AvailabilityZoneId"),
            "available-ip-address-count": lambda subnet: [subnets.free_addresses(subnet)],
            "cidr-block": one("CidrBlock"),
            "state": one("State"),
            "default-for-az": one("DefaultForAz"),
            "map-public-ip-on-launch": one("MapPublicIpOnLaunch"),
        },
    ),
    Describe(
        "DescribeSecurityGroups",
        store._security_groups.values,
        "GroupId",
        "GroupId",
        "securityGroupInfo",
        raw(store._sg_xml),
        ("InvalidGroup.NotFound", "The security group '{id}' does not exist"),
        {
            "vpc-id": one("VpcId"),
            "group-id": one("GroupId"),
            "group-name": one("GroupName"),
            "description": one("Description"),
            "ip-permission.group-id": _permission_groups,
        },
        r"sg-[0-9a-f]{8}(?:[0-9a-f]{9})?",
        "InvalidGroupId.Malformed",
    ),
    Describe(
        "DescribeVolumes",
        store._volumes.values,
        "VolumeId",
        "VolumeId",
        "volumeSet",
        lambda volume: query.Raw(store._volume_inner_xml(volume)),
        ("InvalidVolume.NotFound", "The volume '{id}' does not exist."),
        {
            "volume-id": one("VolumeId"),
            "size": one("Size"),
            "status": one("State"),
            "volume-type": one("VolumeType"),
            "availability-zone": one("AvailabilityZone"),
            "encrypted": one("Encrypted"),
            "attachment.instance-id": lambda volume: [
                item["InstanceId"] for item in volume.get("Attachments") or []
            ],
            "attachment.status": lambda volume: [
                item["State"] for item in volume.get("Attachments") or []
            ],
        },
    ),
    Describe(
        "DescribeAddresses",
        store._addresses.values,
        "AllocationId",
        "AllocationId",
        "addressesSet",
        _address,
        ("InvalidAllocationID.NotFound", "The allocation ID '{id}' does not exist"),
        {
            "allocation-id": one("AllocationId"),
            "association-id": one("AssociationId"),
            "domain": one("Domain"),
            "instance-id": one("InstanceId"),
            "network-interface-id": one("NetworkInterfaceId"),
            "private-ip-address": one("PrivateIpAddress"),
            "public-ip": one("PublicIp"),
        },
    ),
    Describe(
        "DescribeNatGateways",
        store._nat_gateways.values,
        "NatGatewayId",
        "NatGatewayId",
        "natGatewaySet",
        _nat_gateway,
        ("NatGatewayNotFound", "NatGateway {id} was not found"),
        {
            "nat-gateway-id": one("NatGatewayId"),
            "state": one("State"),
            "subnet-id": one("SubnetId"),
            "vpc-id": one("VpcId"),
        },
    ),
    Describe(
        "DescribeVpcEndpoints",
        store._vpc_endpoints.values,
        "VpcEndpointId",
        "VpcEndpointId",
        "vpcEndpointSet",
        endpoint,
        ("InvalidVpcEndpointId.NotFound", "The Vpc Endpoint Id '{id}' does not exist"),
        {
            "vpc-endpoint-id": one("VpcEndpointId"),
            "vpc-id": one("VpcId"),
            "service-name": one("ServiceName"),
            "vpc-endpoint-state": one("State"),
            "vpc-endpoint-type": one("VpcEndpointType"),
        },
    ),
    Describe(
        "DescribeRouteTables",
        store._route_tables.values,
        "RouteTableId",
        "RouteTableId",
        "routeTableSet",
        raw(store._rtb_fields_xml),
        ("InvalidRouteTableID.NotFound", "The routeTable ID '{id}' does not exist"),
        {
            "vpc-id": one("VpcId"),
            "route-table-id": one("RouteTableId"),
            "association.subnet-id": _route_associations("SubnetId"),
            "association.main": _route_associations("Main"),
            "association.route-table-association-id": _route_associations(
                "RouteTableAssociationId"
            ),
            "route.gateway-id": lambda table: [
                route.get("GatewayId") for route in table.get("Routes") or []
            ],
            "route.nat-gateway-id": lambda table: [
                route.get("NatGatewayId") for route in table.get("Routes") or []
            ],
        },
    ),
    Describe(
        "DescribeInternetGateways",
        store._internet_gateways.values,
        "InternetGatewayId",
        "InternetGatewayId",
        "internetGatewaySet",
        raw(store._igw_fields_xml),
        ("InvalidInternetGatewayID.NotFound", "The internetGateway ID '{id}' does not exist"),
        {
            "internet-gateway-id": one("InternetGatewayId"),
            "attachment.vpc-id": lambda gateway: [
                item["VpcId"] for item in gateway.get("Attachments") or []
            ],
            "attachment.state": lambda gateway: [
                item["State"] for item in gateway.get("Attachments") or []
            ],
        },
    ),
]
