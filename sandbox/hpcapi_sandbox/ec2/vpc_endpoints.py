"""VPC endpoints: those of the interface kind have a network interface in each of their subnets."""

from __future__ import annotations

from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import ec2 as store

from ..identifiers import new_id
from . import network_interfaces, query


def make(vpc_id: str, service: str, subnet_ids: list[str], group_ids: list[str]) -> dict[str, Any]:
    """Makes an endpoint of the interface kind."""
    endpoint_id = new_id("vpce")
    endpoint = {
        "VpcEndpointId": endpoint_id,
        "VpcEndpointType": "Interface",
        "VpcId": vpc_id,
        "ServiceName": f"com.amazonaws.{get_region()}.{service}",
        "State": "available",
        "RouteTableIds": [],
        "SubnetIds": subnet_ids,
        "PrivateDnsEnabled": True,
        "OwnerId": get_account_id(),
    }
    store._vpc_endpoints[endpoint_id] = endpoint
    _make_interfaces(endpoint, group_ids)
    return endpoint


def _make_interfaces(endpoint: dict[str, Any], group_ids: list[str]) -> None:
    for subnet_id in endpoint["SubnetIds"]:
        network_interfaces.create_managed(
            subnet_id,
            group_ids,
            f"VPC Endpoint Interface {endpoint['VpcEndpointId']}",
            "amazon-vpce",
            "vpc_endpoint",
        )


def _delete_interfaces(endpoint_id: str) -> None:
    description = f"VPC Endpoint Interface {endpoint_id}"
    for interface_id, interface in list(store._network_interfaces.items()):
        if interface["Description"] == description:
            network_interfaces.delete(interface_id)


def install() -> None:
    create = store._ACTION_MAP["CreateVpcEndpoint"]
    delete = store._ACTION_MAP["DeleteVpcEndpoints"]

    def create_with_interfaces(parameters: query.Parameters) -> query.Answer:
        before = set(store._vpc_endpoints)
        answer = create(parameters)
        asked = query.nested(parameters)
        groups = query.strings(asked.get("SecurityGroupId"))
        for endpoint_id in set(store._vpc_endpoints) - before:
            endpoint = store._vpc_endpoints[endpoint_id]
            if endpoint["VpcEndpointType"] == "Interface":
                endpoint["PrivateDnsEnabled"] = query.flag(asked.get("PrivateDnsEnabled", "true"))
                _make_interfaces(endpoint, groups)
        return answer

    def delete_with_interfaces(parameters: query.Parameters) -> query.Answer:
        for endpoint_id in query.strings(query.nested(parameters).get("VpcEndpointId")):
            _delete_interfaces(endpoint_id)
        return delete(parameters)

    store._ACTION_MAP["CreateVpcEndpoint"] = create_with_interfaces
    store._ACTION_MAP["DeleteVpcEndpoints"] = delete_with_interfaces
