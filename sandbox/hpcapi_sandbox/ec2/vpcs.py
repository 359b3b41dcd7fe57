"""How large a VPC may be, and what keeps it from being deleted: everything that stands in it, or is
tied to it."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from ministack.services import ec2 as store

from ..aws_error import AwsError
from . import query

# The lengths of the prefix that VPCs and subnets may have (Amazon VPC user guide, "VPC CIDR blocks"
# and "Subnet CIDR blocks").
_LENGTHS = range(16, 29)


def check_size(block: ipaddress.IPv4Network, code: str) -> None:
    """Refuses a range that is too large or too small, with the code of what it is for."""
    if block.prefixlen not in _LENGTHS:
        raise AwsError(code, f"The CIDR '{block}' is invalid.")


def check_is_empty(vpc_id: str) -> None:
    """Refuses as AWS does, which does not say what it is."""
    if any(_holders(vpc_id)):
        raise AwsError(
            "DependencyViolation", f"The vpc '{vpc_id}' has dependencies and cannot be deleted."
        )


def _holders(vpc_id: str) -> Iterator[str]:
    """The ids of what has to go first. What comes with a VPC goes with it."""
    for stored in (store._subnets, store._network_interfaces, store._vpc_endpoints):
        yield from (one_id for one_id, one in stored.items() if one["VpcId"] == vpc_id)
    for table_id, table in store._route_tables.items():
        is_main = any(association.get("Main") for association in table["Associations"])
        if table["VpcId"] == vpc_id and not is_main:
            yield table_id
    for group_id, group in store._security_groups.items():
        if group["VpcId"] == vpc_id and group["GroupName"] != "default":
            yield group_id
    for acl_id, acl in store._network_acls.items():
        if acl["VpcId"] == vpc_id and not acl["IsDefault"]:
            yield acl_id
    for gateways in (store._internet_gateways, store._vpn_gateways):
        for gateway_id, gateway in gateways.items():
            attached = [one["VpcId"] for one in gateway.get("Attachments") or []]
            if vpc_id in attached:
                yield gateway_id
    for peering_id, peering in store._vpc_peering.items():
        sides = [peering[side]["VpcId"] for side in ("RequesterVpcInfo", "AccepterVpcInfo")]
        if vpc_id in sides and peering["Status"]["Code"] in ("active", "pending-acceptance"):
            yield peering_id


def install() -> None:
    delete = store._ACTION_MAP["DeleteVpc"]

    def delete_empty_vpc(parameters: query.Parameters) -> query.Answer:
        try:
            check_is_empty(query.nested(parameters).get("VpcId", ""))
        except AwsError as error:
            return query.error_answer(error)
        return delete(parameters)

    store._ACTION_MAP["DeleteVpc"] = delete_empty_vpc
