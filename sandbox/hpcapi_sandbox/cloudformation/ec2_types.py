"""The EC2 resource types that ministack lacks, and what AWS refuses for those it has."""

from __future__ import annotations

import ipaddress
from typing import Any

from ministack.core.responses import get_account_id
from ministack.services import ec2 as store
from ministack.services.cloudformation import provisioners

from .. import clock, service_quotas
from ..aws_error import AwsError
from ..ec2 import instances, network_interfaces, query, security_groups, vpcs, zones
from ..ec2.launch import Launch, launch
from ..identifiers import new_id, now
from .resource_types import Made, Properties, add, guard_create, guard_delete, retags, stabilizers

_INSTANCE = "AWS::EC2::Instance"
_NAT_GATEWAY = "AWS::EC2::NatGateway"


def install() -> None:
    add("AWS::EC2::EIP", _create_eip, _delete_eip, tags="list")
    add("AWS::EC2::EIPAssociation", _create_eip_association, _delete_eip_association)
    add(_NAT_GATEWAY, _create_nat_gateway, _delete_nat_gateway, tags="list")
    stabilizers[_NAT_GATEWAY] = _stabilize_nat_gateway
    _let_calls_delete_nat_gateways()
    add("AWS::EC2::NetworkInterface", _create_interface, _delete_interface, tags="list")
    add(_INSTANCE, _create_instance, _delete_instance, tags="list")
    stabilizers[_INSTANCE] = _stabilize_instance
    add("AWS::EC2::Volume", _create_volume, _delete_volume, tags="list")
    retags["AWS::EC2::EIP"] = _retag_eip
    for tagged in ("Instance", "NatGateway", "NetworkInterface", "Volume"):
        retags[f"AWS::EC2::{tagged}"] = _retag
    add("AWS::EC2::PlacementGroup", _create_placement_group, _delete_placement_group)
    for direction in ("Ingress", "Egress"):
        _add_security_group_rule(direction)
    guard_create("AWS::EC2::VPC", _check_range_of_vpc)
    guard_create("AWS::EC2::Subnet", _check_subnet)
    guard_create("AWS::EC2::Route", _check_route)
    guard_create("AWS::EC2::SubnetRouteTableAssociation", _check_association)
    guard_create("AWS::EC2::SecurityGroup", _check_vpc)
    guard_create("AWS::EC2::RouteTable", _check_vpc)
    guard_delete(
        "AWS::EC2::Subnet",
        lambda subnet_id, _: network_interfaces.check_subnet_is_unused(subnet_id),
    )
    guard_delete("AWS::EC2::SecurityGroup", _check_group_is_unused)
    guard_delete("AWS::EC2::VPC", lambda vpc_id, _: vpcs.check_is_empty(vpc_id))
    guard_delete("AWS::EC2::VPCGatewayAttachment", _check_no_public_addresses)


def _tag(resource_id: str, properties: Properties) -> None:
    query.add_tags(resource_id, properties.get("Tags") or [])


def _retag(resource_id: str, old: Properties, new: Properties) -> None:
    """Changes the tags of the properties alone: others may have given it more."""
    gone = {tag["Key"] for tag in old.get("Tags") or []}
    store._tags[resource_id] = [tag for tag in query.tags_of(resource_id) if tag["Key"] not in gone]
    _tag(resource_id, new)


def _retag_eip(public_address: str, old: Properties, new: Properties) -> None:
    for allocation_id, address in store._addresses.items():
        if address["PublicIp"] == public_address:
            _retag(allocation_id, old, new)


def _create_eip(logical_id: str, properties: Properties, stack_name: str) -> Made:
    if len(store._addresses) >= service_quotas.value("ec2", "L-0263D0A3"):
        raise AwsError("AddressLimitExceeded", "The maximum number of addresses has been reached.")
    allocation_id = new_id("eipalloc")
    address = store._random_ip("52.")
    store._addresses[allocation_id] = {
        "AllocationId": allocation_id,
        "PublicIp": address,
        "Domain": "vpc",
        "AssociationId": None,
        "InstanceId": None,
        "NetworkInterfaceId": None,
        "PrivateIpAddress": None,
    }
    _tag(allocation_id, properties)
    if properties.get("InstanceId"):
        _associate(store._addresses[allocation_id], _primary_interface(properties["InstanceId"]))
    return address, {"AllocationId": allocation_id, "PublicIp": address}


def _delete_eip(public_address: str, properties: Properties) -> None:
    for allocation_id, address in store._addresses.items():
        if address["PublicIp"] == public_address:
            del store._addresses[allocation_id]
            store._tags.pop(allocation_id, None)


def _primary_interface(instance_id: str) -> network_interfaces.Interface:
    return instances.interfaces_of(instances.checked_instance(instance_id))[0]


def _associate(address: dict[str, Any], interface: network_interfaces.Interface) -> str:
    address.update(
        AssociationId=new_id("eipassoc"),
        InstanceId=(interface.get("Attachment") or {}).get("InstanceId"),
        NetworkInterfaceId=interface["NetworkInterfaceId"],
        PrivateIpAddress=interface["PrivateIpAddress"],
    )
    return address["AssociationId"]


def _create_eip_association(logical_id: str, properties: Properties, stack_name: str) -> Made:
    wanted = properties.get("AllocationId")
    address = next(
        (
            one
            for one in store._addresses.values()
            if wanted == one["AllocationId"] or properties.get("EIP") == one["PublicIp"]
        ),
        None,
    )
    if address is None:
        raise AwsError(
            "InvalidAllocationID.NotFound", f"The allocation ID '{wanted}' does not exist"
        )
    if properties.get("NetworkInterfaceId"):
        interface = store._network_interfaces.get(properties["NetworkInterfaceId"])
        if not interface:
            raise AwsError(
                "InvalidNetworkInterfaceID.NotFound",
                f"The networkInterface ID '{properties['NetworkInterfaceId']}' does not exist",
            )
    else:
        interface = _primary_interface(properties.get("InstanceId", ""))
    association_id = _associate(address, interface)
    return association_id, {"Id": association_id}


def _delete_eip_association(association_id: str, properties: Properties) -> None:
    for address in store._addresses.values():
        if address["AssociationId"] == association_id:
            address.update(
                AssociationId=None, InstanceId=None, NetworkInterfaceId=None, PrivateIpAddress=None
            )


def _create_nat_gateway(logical_id: str, properties: Properties, stack_name: str) -> Made:
    subnet = network_interfaces.checked_subnet(properties.get("SubnetId", ""))
    allocation_id = properties.get("AllocationId")
    public = properties.get("ConnectivityType", "public") == "public"
    if public and allocation_id not in store._addresses:
        raise AwsError(
            "InvalidAllocationID.NotFound", f"The allocation ID '{allocation_id}' does not exist"
        )
    gateway_id = new_id("nat")
    interface = network_interfaces.create_managed(
        subnet["SubnetId"],
        [],
        f"Interface for NAT Gateway {gateway_id}",
        get_account_id(),
        "nat_gateway",
    )
    if allocation_id:
        _associate(store._addresses[allocation_id], interface)
    store._nat_gateways[gateway_id] = {
        "NatGatewayId": gateway_id,
        "SubnetId": subnet["SubnetId"],
        "VpcId": subnet["VpcId"],
        "AllocationId": allocation_id,
        "NetworkInterfaceId": interface["NetworkInterfaceId"],
        "ConnectivityType": properties.get("ConnectivityType", "public"),
        "State": "pending",
        "CreateTime": now(),
    }
    _tag(gateway_id, properties)
    return gateway_id, {"NatGatewayId": gateway_id}


async def _stabilize_nat_gateway(gateway_id: str) -> None:
    await clock.take(_NAT_GATEWAY, "create")
    store._nat_gateways[gateway_id]["State"] = "available"


def _delete_nat_gateway(gateway_id: str, properties: Properties) -> None:
    gateway = store._nat_gateways.get(gateway_id)
    if gateway and gateway["State"] != "deleted":
        gateway["State"] = "deleted"
        interface_id = gateway["NetworkInterfaceId"]
        network_interfaces.delete(interface_id)
        for address in store._addresses.values():
            if address["NetworkInterfaceId"] == interface_id:
                _delete_eip_association(address["AssociationId"], {})


def _let_calls_delete_nat_gateways() -> None:
    """Who deletes one without CloudFormation leaves nothing of it either."""
    delete = store._ACTION_MAP["DeleteNatGateway"]

    def delete_with_interface(parameters: query.Parameters) -> query.Answer:
        gateway_id = query.nested(parameters).get("NatGatewayId", "")
        # One that was not made by a stack has no interface here.
        if "NetworkInterfaceId" in store._nat_gateways.get(gateway_id, {}):
            _delete_nat_gateway(gateway_id, {})
        return delete(parameters)

    store._ACTION_MAP["DeleteNatGateway"] = delete_with_interface


def _create_interface(logical_id: str, properties: Properties, stack_name: str) -> Made:
    interface = network_interfaces.create(
        properties.get("SubnetId", ""),
        list(properties.get("GroupSet") or []),
        properties.get("Description", ""),
        properties.get("PrivateIpAddress"),
    )
    interface_id = interface["NetworkInterfaceId"]
    _tag(interface_id, properties)
    return interface_id, {
        "Id": interface_id,
        "PrimaryPrivateIpAddress": interface["PrivateIpAddress"],
        "VpcId": interface["VpcId"],
    }


def _delete_interface(interface_id: str, properties: Properties) -> None:
    interface = store._network_interfaces.get(interface_id)
    if interface and interface["Status"] == "in-use":
        raise AwsError(
            "InvalidParameterValue", f"Network interface '{interface_id}' is currently in use."
        )
    network_interfaces.delete(interface_id)


def _create_instance(logical_id: str, properties: Properties, stack_name: str) -> Made:
    asked = Launch.of(properties)
    asked.check()
    instance = launch(asked, properties.get("Tags") or [])
    public = instances.public_address(instance)
    return instance["InstanceId"], {
        "InstanceId": instance["InstanceId"],
        "AvailabilityZone": instance["Placement"]["AvailabilityZone"],
        "PrivateIp": instance["PrivateIpAddress"],
        "PrivateDnsName": instance["PrivateDnsName"],
        "PublicIp": public or "",
        "PublicDnsName": "",
        "VpcId": instance["VpcId"],
    }


async def _stabilize_instance(instance_id: str) -> None:
    await clock.take(_INSTANCE, "create")
    instances.become_running(store._instances[instance_id])


def _delete_instance(instance_id: str, properties: Properties) -> None:
    instance = store._instances.get(instance_id)
    if instance:
        instances.terminate(instance)


def _create_volume(logical_id: str, properties: Properties, stack_name: str) -> Made:
    volume_id = new_id("vol")
    store._volumes[volume_id] = {
        "VolumeId": volume_id,
        "Size": int(properties.get("Size") or 8),
        "AvailabilityZone": zones.checked_zone_name(properties.get("AvailabilityZone", "")),
        "State": "available",
        "VolumeType": properties.get("VolumeType") or "gp2",
        "SnapshotId": properties.get("SnapshotId") or "",
        "Iops": int(properties.get("Iops") or 3000),
        "Throughput": int(properties.get("Throughput") or 125),
        "Encrypted": query.flag(properties.get("Encrypted", False)),
        "CreateTime": now(),
        "MultiAttachEnabled": False,
        "Attachments": [],
    }
    _tag(volume_id, properties)
    return volume_id, {"VolumeId": volume_id}


def _delete_volume(volume_id: str, properties: Properties) -> None:
    store._volumes.pop(volume_id, None)
    store._tags.pop(volume_id, None)


def _create_placement_group(logical_id: str, properties: Properties, stack_name: str) -> Made:
    name = provisioners._physical_name(stack_name, logical_id)
    store._placement_groups[name] = {
        "GroupName": name,
        "GroupId": new_id("pg"),
        "GroupArn": store._placement_group_arn(name),
        "State": "available",
        "Strategy": properties.get("Strategy", "cluster"),
        "PartitionCount": int(properties.get("PartitionCount") or 0),
    }
    return name, {"GroupName": name}


def _delete_placement_group(name: str, properties: Properties) -> None:
    store._placement_groups.pop(name, None)


def _add_security_group_rule(word: str) -> None:
    direction = security_groups.EGRESS if word == "Egress" else security_groups.INGRESS

    def create(logical_id: str, properties: Properties, stack_name: str) -> Made:
        group = security_groups.checked_group(properties.get("GroupId", ""))
        for name in ("SourceSecurityGroupId", "DestinationSecurityGroupId"):
            if properties.get(name):
                security_groups.checked_group(properties[name])
        (permission,) = provisioners._ec2_sg_permissions([properties])
        if word == "Egress" and not group.setdefault("_has_egress_resources", False):
            # The first one takes away the rule that lets everything out.
            group["_has_egress_resources"] = True
            if group[direction] == provisioners._ec2_sg_egress_permissions(None):
                group[direction] = []
        (rule,) = security_groups.authorize(group, direction, permission)
        rule_id = rule["SecurityGroupRuleId"]
        return rule_id, {"Id": rule_id}

    def delete(rule_id: str, properties: Properties) -> None:
        group = store._security_groups.get(properties.get("GroupId"))
        if group:
            security_groups.revoke_by_id(group, direction, rule_id)

    add(f"AWS::EC2::SecurityGroup{word}", create, delete)


def _check_vpc(properties: Properties, old: Properties | None = None) -> None:
    vpc_id = properties.get("VpcId")
    if vpc_id and vpc_id not in store._vpcs:
        raise AwsError("InvalidVpcID.NotFound", f"The vpc ID '{vpc_id}' does not exist")


def _check_range_of_vpc(properties: Properties, old: Properties | None = None) -> None:
    cidr = properties.get("CidrBlock")
    if cidr is not None:
        # Of a VPC's range EC2 takes the canonical form (CreateVpc).
        vpcs.check_size(_block(cidr, is_canonical=False), "InvalidVpc.Range")


def _block(cidr: object, *, is_canonical: bool) -> ipaddress.IPv4Network:
    try:
        return ipaddress.IPv4Network(str(cidr), strict=is_canonical)
    except ValueError:
        raise AwsError(
            "InvalidParameterValue",
            f"Value ({cidr}) for parameter cidrBlock is invalid. This is not a valid CIDR block.",
        ) from None


def _check_subnet(properties: Properties, old: Properties | None) -> None:
    identity = ("VpcId", "CidrBlock", "AvailabilityZone")
    if old and all(old.get(name) == properties.get(name) for name in identity):
        return
    _check_vpc(properties)
    if properties.get("AvailabilityZone"):
        zones.checked_zone_name(properties["AvailabilityZone"])
    vpc = store._vpcs.get(properties.get("VpcId", ""))
    block = _block(properties.get("CidrBlock", ""), is_canonical=True)
    vpcs.check_size(block, "InvalidSubnet.Range")
    if not vpc:
        return
    if not block.subnet_of(ipaddress.IPv4Network(vpc["CidrBlock"])):
        raise AwsError("InvalidSubnet.Range", f"The CIDR '{block}' is invalid.")
    for other in store._subnets.values():
        if other["VpcId"] == vpc["VpcId"] and block.overlaps(
            ipaddress.IPv4Network(other["CidrBlock"])
        ):
            raise AwsError(
                "InvalidSubnet.Conflict", f"The CIDR '{block}' conflicts with another subnet"
            )


def _check_route(properties: Properties, old: Properties | None = None) -> None:
    _check_table(properties)
    gateway_id = properties.get("GatewayId") or ""
    if gateway_id.startswith("igw-"):
        vpc_id = store._route_tables[properties["RouteTableId"]]["VpcId"]
        gateway = store._internet_gateways.get(gateway_id)
        if not gateway:
            raise AwsError(
                "InvalidGatewayID.NotFound", f"The gateway ID '{gateway_id}' does not exist"
            )
        if all(item["VpcId"] != vpc_id for item in gateway["Attachments"]):
            raise AwsError(
                "InvalidParameterValue",
                f"route table {properties['RouteTableId']} and network gateway {gateway_id} belong "
                "to different networks",
            )
    nat_id = properties.get("NatGatewayId")
    if nat_id and (store._nat_gateways.get(nat_id) or {}).get("State") != "available":
        raise AwsError(
            "InvalidNatGatewayID.NotFound", f"The natGateway ID '{nat_id}' does not exist"
        )


def _check_association(properties: Properties, old: Properties | None = None) -> None:
    _check_table(properties)
    network_interfaces.checked_subnet(properties.get("SubnetId", ""))


def _check_table(properties: Properties) -> None:
    table_id = properties.get("RouteTableId", "")
    if table_id not in store._route_tables:
        raise AwsError(
            "InvalidRouteTableID.NotFound", f"The routeTable ID '{table_id}' does not exist"
        )


def _check_subnet_is_unused(subnet_id: str, properties: Properties) -> None:
    network_interfaces.check_subnet_is_unused(subnet_id)


def _check_group_is_unused(group_id: str, properties: Properties) -> None:
    security_groups.check_unused(group_id)


def _check_no_public_addresses(physical_id: str, properties: Properties) -> None:
    vpc_id = properties.get("VpcId")
    gateway_id = properties.get("InternetGatewayId")
    for interface in store._network_interfaces.values():
        if (
            gateway_id
            and interface["VpcId"] == vpc_id
            and network_interfaces.association(interface)
        ):
            raise AwsError(
                "DependencyViolation",
                f"Network {vpc_id} has some mapped public address(es). Please unmap those public "
                "address(es) before detaching the gateway.",
            )
