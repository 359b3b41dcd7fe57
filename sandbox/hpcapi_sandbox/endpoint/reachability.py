"""Whether security groups let one party connect to another."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ministack.services import ec2 as store

from ..ec2.security_groups import peer_group


@dataclass(frozen=True)
class Party:
    """One end of a connection: an address and the security groups around it."""

    address: str
    group_ids: frozenset[str]

    @classmethod
    def of_interface(cls, interface: dict[str, Any]) -> Party:
        return cls(
            interface["PrivateIpAddress"],
            frozenset(group["GroupId"] for group in interface["Groups"]),
        )


def can_connect(source: Party, destination: Party, port: int) -> bool:
    """TCP from `source` to `port` of `destination`: out of one's groups, into the other's."""
    return _permits(source.group_ids, "IpPermissionsEgress", destination, port) and _permits(
        destination.group_ids, "IpPermissions", source, port
    )


def _permits(group_ids: Iterable[str], direction: str, peer: Party, port: int) -> bool:
    return any(
        _covers_port(permission, port) and _covers_peer(permission, peer)
        for group_id in group_ids
        for permission in (store._security_groups.get(group_id) or {}).get(direction) or []
    )


def _covers_port(permission: dict[str, Any], port: int) -> bool:
    protocol = str(permission.get("IpProtocol"))
    if protocol == "-1":
        return True
    if protocol not in ("tcp", "6"):
        return False
    lowest, highest = int(permission.get("FromPort", 0)), int(permission.get("ToPort", 65535))
    return lowest == -1 or lowest <= port <= highest


def _covers_peer(permission: dict[str, Any], peer: Party) -> bool:
    if any(peer_group(pair) in peer.group_ids for pair in permission.get("UserIdGroupPairs") or []):
        return True
    address = ipaddress.ip_address(peer.address)
    return any(
        address in ipaddress.ip_network(block["CidrIp"], strict=False)
        for block in permission.get("IpRanges") or []
    )
