"""API Gateway VPC links (v2): the API, the CloudFormation type and their network interfaces."""

from __future__ import annotations

import json
import re
import secrets
from typing import Any

from ministack.core.responses import AccountRegionScopedDict, get_account_id, request_scope
from ministack.services import apigateway
from ministack.services import ec2 as ec2_store

from .. import clock
from ..aws_error import AwsError
from ..cloudformation.resource_types import Made, Properties, add, slow_deletes, stabilizers
from ..ec2 import network_interfaces, zones
from ..identifiers import now
from ..patching import replace_everywhere

TYPE = "AWS::ApiGatewayV2::VpcLink"
links = AccountRegionScopedDict()  # id -> link
_MESSAGES = {
    "PENDING": "VPC link is provisioning ENIs",
    "AVAILABLE": "VPC link is ready to route traffic",
    "INACTIVE": "VPC link has no ENIs: it had no traffic for 60 days",
    "FAILED": "VPC link could not be provisioned",
}


def install() -> None:
    add(
        TYPE,
        lambda logical_id, properties, stack_name: _made(_from_template(properties)),
        lambda link_id, properties: _remove(link_id),
        update=_rename,
        replacing=("SubnetIds", "SecurityGroupIds"),
        tags="map",
    )
    stabilizers[TYPE] = _stabilize
    slow_deletes[TYPE] = _delete_and_wait
    others = apigateway.handle_request

    async def handle_request(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
    ) -> tuple[int, dict[str, str], bytes]:
        found = re.fullmatch(r"/v2/vpclinks(?:/([^/]+))?", path)
        if not found:
            return await others(method, path, headers, body, query)
        try:
            status, answer = _respond(method, found[1], json.loads(body or b"{}"))
        except AwsError as error:
            return apigateway._apigw_error(error.code, error.message, error.status)
        return apigateway._apigw_response(answer, status)

    replace_everywhere(others, handle_request)


def is_available(link_id: str) -> bool:
    link = links.get(link_id)
    return bool(link) and link["vpcLinkStatus"] == "AVAILABLE"


def interfaces(link_id: str) -> list[dict[str, Any]]:
    return [
        ec2_store._network_interfaces[interface_id]
        for interface_id in links[link_id]["_interfaceIds"]
        if interface_id in ec2_store._network_interfaces
    ]


def _respond(method: str, link_id: str | None, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    if link_id is None and method == "POST":
        link = _create(
            asked.get("name", ""),
            asked.get("subnetIds") or [],
            asked.get("securityGroupIds") or [],
            asked.get("tags") or {},
        )
        clock.later(_become_available(link))
        return 201, _shown(link)
    if link_id is None:
        return 200, {"items": [_shown(link) for link in links.values()]}
    link = links.get(link_id)
    if not link:
        raise AwsError("NotFoundException", f"Invalid VpcLink identifier specified {link_id}", 404)
    if method == "DELETE":
        link["vpcLinkStatus"] = "DELETING"
        clock.later(_delete_after_a_while(link_id))
        return 202, {}
    if method == "PATCH":
        link["name"] = asked.get("name", link["name"])
    return 200, _shown(link)


def _shown(link: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in link.items() if not name.startswith("_")}


def _create(
    name: str, subnet_ids: list[str], group_ids: list[str], tags: dict[str, str]
) -> dict[str, Any]:
    if not name or not subnet_ids:
        raise AwsError("BadRequestException", "A VPC link needs a name and subnets")
    for subnet_id in subnet_ids:
        subnet = ec2_store._subnets.get(subnet_id)
        if not subnet:
            raise AwsError("BadRequestException", f"The subnet ID '{subnet_id}' does not exist")
        zone_id = subnet["AvailabilityZoneId"]
        if not zones.takes_vpc_link(zone_id):
            raise AwsError(
                "BadRequestException",
                f"Subnet '{subnet_id}' is in Availability Zone '{zone_id}' where service is not "
                "available",
            )
    link_id = secrets.token_hex(3)
    link: dict[str, Any] = {
        "vpcLinkId": link_id,
        "name": name,
        "createdDate": now(),
        "subnetIds": subnet_ids,
        "securityGroupIds": group_ids,
        "tags": tags,
        "vpcLinkVersion": "V2",
    }
    _set_status(link, "PENDING")
    try:
        _add_interfaces(link)
    except AwsError as error:
        raise AwsError("BadRequestException", error.message) from None
    links[link_id] = link
    return link


def _add_interfaces(link: dict[str, Any]) -> None:
    made = [
        network_interfaces.create_managed(
            subnet_id,
            link["securityGroupIds"],
            f"VPC Link Interface for {link['vpcLinkId']}",
            get_account_id(),
            "api_gateway_managed",
        )
        for subnet_id in link["subnetIds"]
    ]
    link["_interfaceIds"] = [interface["NetworkInterfaceId"] for interface in made]


def _drop_interfaces(link: dict[str, Any]) -> None:
    for interface_id in link["_interfaceIds"]:
        network_interfaces.delete(interface_id)
    link["_interfaceIds"] = []


async def _become_available(
    link: dict[str, Any], what: str = TYPE, operation: str = "create"
) -> None:
    await clock.take(what, operation)
    if link["vpcLinkStatus"] == "PENDING":
        _set_status(link, "AVAILABLE")


def _set_status(link: dict[str, Any], status: str) -> None:
    link.update(vpcLinkStatus=status, vpcLinkStatusMessage=_MESSAGES[status])


def force(link_id: str, status: str) -> dict[str, Any] | None:
    """Makes a link of any account INACTIVE, as 60 days without traffic do, or FAILED."""
    for (account, region, known_id), link in links.all_items():
        if known_id == link_id:
            with request_scope(account, region):
                _drop_interfaces(link)
                _set_status(link, status)
                return _shown(link)
    return None


def wake(link_id: str) -> None:
    """Traffic reaches a link: one that is INACTIVE gets its interfaces again, after a while."""
    link = links[link_id]
    if link["vpcLinkStatus"] == "INACTIVE":
        _add_interfaces(link)
        _set_status(link, "PENDING")
        clock.later(_become_available(link, "apigatewayv2:vpc-link", "wake"))


async def _delete_after_a_while(link_id: str) -> None:
    await clock.take(TYPE, "delete")
    _remove(link_id)


def _remove(link_id: str) -> None:
    link = links.pop(link_id, None)
    if link:
        _drop_interfaces(link)


def _from_template(properties: Properties) -> dict[str, Any]:
    return _create(
        properties.get("Name", ""),
        list(properties.get("SubnetIds") or []),
        list(properties.get("SecurityGroupIds") or []),
        dict(properties.get("Tags") or {}),
    )


def _made(link: dict[str, Any]) -> Made:
    return link["vpcLinkId"], {"VpcLinkId": link["vpcLinkId"]}


async def _stabilize(link_id: str) -> None:
    link = links[link_id]
    await _become_available(link)
    if link["vpcLinkStatus"] == "FAILED":
        raise AwsError("GeneralServiceException", link["vpcLinkStatusMessage"])


async def _delete_and_wait(link_id: str, properties: Properties) -> None:
    if link_id in links:
        links[link_id]["vpcLinkStatus"] = "DELETING"
        await _delete_after_a_while(link_id)


def _rename(
    link_id: str, old: Properties, new: Properties, stack_name: str, logical_id: str
) -> Made:
    link = links[link_id]
    link["name"] = new.get("Name", link["name"])
    link["tags"] = dict(new.get("Tags") or {})
    return _made(link)
