"""How many addresses of a subnet are free."""

from __future__ import annotations

import ipaddress
from typing import Any

from ministack.services import ec2 as store

_RESERVED = 5  # network, router, DNS, future use, broadcast


def free_addresses(subnet: dict[str, Any]) -> int:
    """Each network interface in the subnet takes one."""
    used = sum(
        interface["SubnetId"] == subnet["SubnetId"]
        for interface in store._network_interfaces.values()
    )
    network = ipaddress.ip_network(subnet["CidrBlock"], strict=False)
    return network.num_addresses - _RESERVED - used


def described(subnet: dict[str, Any]) -> dict[str, Any]:
    """The subnet as EC2 tells of it now."""
    return {**subnet, "AvailableIpAddressCount": free_addresses(subnet)}
