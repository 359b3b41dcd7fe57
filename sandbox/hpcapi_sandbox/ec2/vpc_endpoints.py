"""VPC endpoints, with what AWS refuses: those of the gateway kind are routes in tables, those of the
interface kind have a network interface in each of their subnets.

Sources: "CreateVpcEndpoint" and "ModifyVpcEndpoint" in the EC2 API reference; the words of refusals from
issues of terraform-aws-modules/terraform-aws-vpc (451), hashicorp/terraform-provider-aws (17535) and
eksctl-io/eksctl (2510).
"""

from __future__ import annotations

from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import ec2 as store

from ..aws_error import AwsError
from ..identifiers import new_id, now
from . import describe, network_interfaces, query

Endpoint = dict[str, Any]
# The services with endpoints of the gateway kind, which may have those of the other kind, too.
_GATEWAYS = ("s3", "dynamodb")


def make(vpc_id: str, service: str, subnet_ids: list[str], group_ids: list[str]) -> dict[str, Any]:
    """Makes an endpoint of the interface kind for a service of AWS, by its name where that can be."""
    return create(
        {
            "VpcId": vpc_id,
            "ServiceName": f"com.amazonaws.{get_region()}.{service}",
            "VpcEndpointType": "Interface",
            "SubnetIds": subnet_ids,
            "SecurityGroupIds": group_ids,
            "PrivateDnsEnabled": _gives_names(store._vpcs[vpc_id]),
        }
    )


def create(asked: dict[str, Any]) -> Endpoint:
    """Makes an endpoint; its properties are those of CloudFormation."""
    vpc_id, service = asked.get("VpcId", ""), asked.get("ServiceName", "")
    kind = asked.get("VpcEndpointType") or "Gateway"
    if vpc_id not in store._vpcs:
        raise AwsError("InvalidVpcId.NotFound", f"The Vpc Id {vpc_id} does not exist")
    _check_service(service, kind)
    endpoint: Endpoint = {
        "VpcEndpointId": new_id("vpce"),
        "VpcEndpointType": kind,
        "VpcId": vpc_id,
        "ServiceName": service,
        "State": "available",
        "RouteTableIds": [],
        "SubnetIds": [],
        "SecurityGroupIds": [],
        "NetworkInterfaceIds": [],
        "DnsEntries": [],
        "PrivateDnsEnabled": False,
        "PolicyDocument": asked.get("PolicyDocument"),
        "OwnerId": get_account_id(),
        "CreationTimestamp": now(),
    }
    change(endpoint, asked)
    store._vpc_endpoints[endpoint["VpcEndpointId"]] = endpoint
    return endpoint


def change(endpoint: Endpoint, asked: dict[str, Any]) -> None:
    """Gives an endpoint other properties, all of them or, where AWS refuses one, none."""
    vpc_id = endpoint["VpcId"]
    if endpoint["VpcEndpointType"] == "Gateway":
        tables = list(asked.get("RouteTableIds") or [])
        _check_tables(endpoint, tables)
        _route(endpoint, tables)
        return
    subnets = list(asked.get("SubnetIds") or [])
    groups = list(asked.get("SecurityGroupIds") or [])
    groups = groups or [network_interfaces.default_group(vpc_id)]
    has_names = query.flag(asked.get("PrivateDnsEnabled", False))
    _check_subnets(vpc_id, subnets)
    network_interfaces.checked_groups(groups, vpc_id)
    if has_names:
        _check_names(endpoint)
    endpoint.update(SecurityGroupIds=groups, PrivateDnsEnabled=has_names)
    _stand_in(endpoint, subnets)


def delete(endpoint_id: str) -> None:
    """Deletes an endpoint with its interfaces and its routes, if it is there."""
    endpoint = store._vpc_endpoints.get(endpoint_id)
    if not endpoint:
        return
    _route(endpoint, [])
    _stand_in(endpoint, [])
    del store._vpc_endpoints[endpoint_id]
    store._tags.pop(endpoint_id, None)


def _check_service(service: str, kind: str) -> None:
    name = service.removeprefix(f"com.amazonaws.{get_region()}.")
    if not name or name == service:
        raise AwsError("InvalidServiceName", f"The Vpc Endpoint Service '{service}' does not exist")
    if kind == "Gateway" and name not in _GATEWAYS:
        raise AwsError(
            "InvalidParameter",
            f"Endpoint type ({kind}) does not match available service types ([Interface]).",
        )


def _check_tables(endpoint: Endpoint, tables: list[str]) -> None:
    prefixes = _prefixes(endpoint)
    for table_id in tables:
        table = store._route_tables.get(table_id)
        if not table:
            raise AwsError(
                "InvalidRouteTableId.NotFound", f"The routeTable ID '{table_id}' does not exist"
            )
        if table["VpcId"] != endpoint["VpcId"]:
            raise AwsError(
                "InvalidParameter",
                f"Route table {table_id} does not belong to the vpc {endpoint['VpcId']}",
            )
        for route in table["Routes"]:
            is_own = route.get("GatewayId") == endpoint["VpcEndpointId"]
            if route.get("DestinationPrefixListId") == prefixes and not is_own:
                raise AwsError(
                    "RouteAlreadyExists",
                    f"route table {table_id} already has a route with destination-prefix-list-id "
                    f"{prefixes}",
                )


def _check_subnets(vpc_id: str, subnets: list[str]) -> None:
    zones = set()
    for subnet_id in subnets:
        subnet = network_interfaces.checked_subnet(subnet_id)
        if subnet["VpcId"] != vpc_id:
            raise AwsError(
                "InvalidParameter", f"Subnet {subnet_id} does not belong to the vpc {vpc_id}"
            )
        if subnet["AvailabilityZone"] in zones:
            raise AwsError(
                "DuplicateSubnetsInSameZone",
                "Found another VPC endpoint subnet in the availability zone of "
                f"{subnet_id}. VPC endpoint subnets should be in different availability zones "
                "supported by the VPC endpoint service.",
            )
        zones.add(subnet["AvailabilityZone"])


def _check_names(endpoint: Endpoint) -> None:
    """The name of a service means one endpoint in a VPC, and none where the VPC resolves no names."""
    vpc_id = endpoint["VpcId"]
    if not _gives_names(store._vpcs[vpc_id]):
        raise AwsError(
            "InvalidParameter",
            "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC "
            f"attributes set to true for {vpc_id}",
        )
    for other in store._vpc_endpoints.values():
        is_other = other["VpcEndpointId"] != endpoint["VpcEndpointId"]
        is_same = all(other[key] == endpoint[key] for key in ("VpcId", "ServiceName"))
        if is_other and is_same and other.get("PrivateDnsEnabled"):
            name = endpoint["ServiceName"].rpartition(".")[2]
            raise AwsError(
                "InvalidParameter",
                "private-dns-enabled cannot be set because there is already a conflicting DNS "
                f"domain for {name}.{get_region()}.amazonaws.com in the VPC {vpc_id}",
            )


def _gives_names(vpc: dict[str, Any]) -> bool:
    return vpc.get("EnableDnsSupport", True) and vpc.get("EnableDnsHostnames", False)


def _prefixes(endpoint: Endpoint) -> str:
    """The id of the list of the addresses of the endpoint's service."""
    return store._aws_pl_id_from_name(endpoint["ServiceName"])


def _route(endpoint: Endpoint, tables: list[str]) -> None:
    """Has these tables, and no others, lead to an endpoint."""
    for table_id in endpoint["RouteTableIds"]:
        table = store._route_tables.get(table_id)
        if table and table_id not in tables:
            table["Routes"] = [
                route
                for route in table["Routes"]
                if route.get("GatewayId") != endpoint["VpcEndpointId"]
            ]
    for table_id in tables:
        if table_id not in endpoint["RouteTableIds"]:
            store._route_tables[table_id]["Routes"].append(
                {
                    "DestinationPrefixListId": _prefixes(endpoint),
                    "GatewayId": endpoint["VpcEndpointId"],
                    "State": "active",
                    "Origin": "CreateRoute",
                }
            )
    endpoint["RouteTableIds"] = tables


def _stand_in(endpoint: Endpoint, subnets: list[str]) -> None:
    """Gives an endpoint an interface in each of these subnets, and in no others."""
    description = f"VPC Endpoint Interface {endpoint['VpcEndpointId']}"
    groups = endpoint["SecurityGroupIds"]
    for interface_id in list(endpoint["NetworkInterfaceIds"]):
        interface = store._network_interfaces.get(interface_id)
        if interface and interface["SubnetId"] in subnets:
            worn = network_interfaces.checked_groups(groups, endpoint["VpcId"])
            interface["Groups"] = worn
            continue
        network_interfaces.delete(interface_id)
        endpoint["NetworkInterfaceIds"].remove(interface_id)
    for subnet_id in subnets:
        if subnet_id not in endpoint["SubnetIds"]:
            made = network_interfaces.create_managed(
                subnet_id, groups, description, "amazon-vpce", "vpc_endpoint"
            )
            endpoint["NetworkInterfaceIds"].append(made["NetworkInterfaceId"])
    endpoint["SubnetIds"] = subnets


@query.action("CreateVpcEndpoint")
def create_vpc_endpoint(parameters: dict[str, Any]) -> dict[str, Any]:
    endpoint = create(
        {
            "VpcId": parameters.get("VpcId"),
            "ServiceName": parameters.get("ServiceName"),
            "VpcEndpointType": parameters.get("VpcEndpointType"),
            "RouteTableIds": query.strings(parameters.get("RouteTableId")),
            "SubnetIds": query.strings(parameters.get("SubnetId")),
            "SecurityGroupIds": query.strings(parameters.get("SecurityGroupId")),
            # In a call it is what is meant, in a template it is not.
            "PrivateDnsEnabled": parameters.get("PrivateDnsEnabled", "true"),
        }
    )
    tags = query.tags_for(parameters.get("TagSpecification"), "vpc-endpoint")
    query.add_tags(endpoint["VpcEndpointId"], tags)
    return {"vpcEndpoint": describe.endpoint(endpoint)}


@query.action("ModifyVpcEndpoint")
def modify_vpc_endpoint(parameters: dict[str, Any]) -> dict[str, Any]:
    endpoint_id = parameters.get("VpcEndpointId", "")
    endpoint = store._vpc_endpoints.get(endpoint_id)
    if not endpoint:
        raise AwsError(
            "InvalidVpcEndpointId.NotFound", f"The Vpc Endpoint Id '{endpoint_id}' does not exist"
        )
    asked: dict[str, Any] = {
        "PrivateDnsEnabled": parameters.get("PrivateDnsEnabled", endpoint["PrivateDnsEnabled"])
    }
    for key, name in (
        ("RouteTableIds", "RouteTableId"),
        ("SubnetIds", "SubnetId"),
        ("SecurityGroupIds", "SecurityGroupId"),
    ):
        gone = query.strings(parameters.get(f"Remove{name}"))
        kept = [one for one in endpoint[key] if one not in gone]
        more = query.strings(parameters.get(f"Add{name}"))
        asked[key] = [*kept, *(one for one in more if one not in kept)]
    change(endpoint, asked)
    return {"return": True}


@query.action("DeleteVpcEndpoints")
def delete_vpc_endpoints(parameters: dict[str, Any]) -> dict[str, Any]:
    failed = []
    for endpoint_id in query.strings(parameters.get("VpcEndpointId")):
        if endpoint_id in store._vpc_endpoints:
            delete(endpoint_id)
            continue
        failed.append(
            {
                "resourceId": endpoint_id,
                "error": {
                    "code": "InvalidVpcEndpoint.NotFound",
                    "message": f"The Vpc Endpoint Id '{endpoint_id}' does not exist",
                },
            }
        )
    return {"unsuccessful": failed}
